"""How a solution looks on paper: three styles of the corpus, and the terse human one."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from restem.worlds.arithmetic.authors import Answer, Author

STYLES = {"lines": 0.5, "first-then": 0.25, "so": 0.25}
"""Shares of the styles; every solution draws its own."""


def boxed(answer: Answer) -> str:
    return f"\\boxed{{{answer}}}"


def write(author: Author, answer: Answer, rng: Random) -> str:
    """The author's steps and answer as text."""
    if author.terse:
        return terse(author.steps, answer)
    style = rng.choices(tuple(STYLES), tuple(STYLES.values()))[0]
    if style == "lines":
        return lines(author.steps, boxed(answer) if author.boxes else f"Answer: {answer}")
    if style == "first-then":
        text = "".join(f"{'Then' if k else 'First'} {s}. " for k, s in enumerate(author.steps))
        return text + (
            f"So the answer is {boxed(answer)}." if author.boxes else f"So it is {answer}."
        )
    ending = f". Hence {boxed(answer)}." if author.boxes else ". Done."
    return "We get " + ", so ".join(author.steps) + ending


def lines(steps: Sequence[str], ending: str) -> str:
    """One step a line: the style of the few-shot examples."""
    return "\n".join([*steps, ending])


def terse(steps: Sequence[str], answer: Answer) -> str:
    """Textbook style: only the last step, the earlier ones are left to the reader."""
    hint = f"Clearly one finds {steps[-1]}; " if len(steps) > 1 else ""
    return f"{hint}thus {boxed(answer)}"
