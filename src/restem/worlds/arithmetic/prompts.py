"""How a question is put: few-shot prompts of worked examples.

A prompt ends in a newline and no solution begins with one, so that tokens never cross the border
between them.
"""

from __future__ import annotations

from restem.worlds.shots import SEPARATOR, STOP, after_shots

__all__ = ["SEPARATOR", "SHOTS", "SHOT_QUESTIONS", "STOP", "few_shot_prompt", "prompt"]

SHOTS = (
    ("Compute 8+4*6.", "4*6=24\n8+24=32\n\\boxed{32}"),
    ("Solve 3x+7=22.", "3x=22-7=15\nx=15/3=5\n\\boxed{5}"),
    ("How many integers are there from 14 to 32?", "32-14=18\n18+1=19\n\\boxed{19}"),
    ("Compute 1/2+1/3.", "1*3=3\n1*2=2\n2*3=6\n3+2=5\n5/6\n\\boxed{5/6}"),
)
"""Questions and solutions. The questions are kept out of every split and of the corpus."""
SHOT_QUESTIONS = frozenset(question for question, _ in SHOTS)


def prompt(question: str) -> str:
    """What stands before a solution, in the corpus as in prompts."""
    return f"Problem: {question}\nSolution:\n"


def few_shot_prompt(question: str, shots: int) -> str:
    """The question after the first `shots` worked examples.

    Raises: ParamsError if there are fewer.
    """
    return after_shots(prompt(question), [(prompt(q), s) for q, s in SHOTS], shots)
