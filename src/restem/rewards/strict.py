r"""A second opinion: a grader that shares no code with `math.py`, but for `reply`, and gives
nothing away.

It reads the last \boxed{} after the reasoning, else the last "answer is X", else the last "#### X",
and takes the answer for right if it is the same text (blanks, dollar signs and a few spellings of
LaTeX apart) or the same rational number as a literal: 3/4, \frac34, 0.75. No algebra, no units, no
lists in another order, no last number of an unmarked text. Where it and the reward of a run
disagree, a person should look: `audit` counts and shows those rows.

For golds with tests it is the code reward in its strict mode.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction

from restem.core.errors import DataError
from restem.core.params import Machine, Score
from restem.core.protocols import Reward
from restem.core.records import CORRECT, NO_ANSWER, TRUNCATED, WRONG, Problem, Verdict
from restem.rewards.reply import reply

VERSION = "strict-2"


@contextmanager
def open_reward(score: Score, machine: Machine) -> Iterator[Reward]:
    """The strict grader. The sandbox opens with the first problem that has tests."""
    with ExitStack() as opened:
        yield StrictReward(score, machine, opened)


class StrictReward:
    """Answers by comparison of text, programs by the code reward, strictly."""

    def __init__(self, score: Score, machine: Machine, opened: ExitStack) -> None:
        self.grader = VERSION
        self._score, self._machine, self._opened = score, machine, opened
        self._programs: Reward | None = None

    def score(self, problems: Sequence[Problem], texts: Sequence[str]) -> list[Verdict]:
        """Raises: DataError for a gold that is neither answer nor tests; SandboxError."""
        golds = {problem.gold: _gold_answer(problem) for problem in problems}
        pairs = list(zip(problems, texts, strict=True))
        tested = [(problem, text) for problem, text in pairs if golds[problem.gold] is None]
        of_tests = iter(self._run(tested))
        return [
            next(of_tests) if (gold := golds[problem.gold]) is None else _judge(text, gold)
            for problem, text in pairs
        ]

    def group(self, answers: Sequence[str | None]) -> list[int | None]:
        """Equal text or equal number, in order of appearance."""
        numbers: dict[object, int] = {}
        return [
            None if answer is None else numbers.setdefault(_key(answer), len(numbers))
            for answer in answers
        ]

    def _run(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        if not pairs:
            return []
        if self._programs is None:
            from restem.rewards.code import open_code_reward

            reward = open_code_reward(self._score, self._machine, strict=True)
            self._programs = self._opened.enter_context(reward)
            self.grader = f"{VERSION}, {self._programs.grader}"
        problems, texts = zip(*pairs, strict=True)
        return self._programs.score(problems, texts)


def gold_text(problem: Problem) -> str | None:
    r"""The gold answer in a box; None for tests. Raises: DataError for a malformed gold."""
    gold = _gold_answer(problem)
    return None if gold is None else rf"\boxed{{{gold}}}"


def _gold_answer(problem: Problem) -> str | None:
    """The gold answer of a problem, None if it has tests instead. Raises: DataError naming it."""
    try:
        gold = json.loads(problem.gold)
    except ValueError:
        gold = None
    if isinstance(gold, dict) and "tests" in gold:
        return None
    answer = gold.get("answer") if isinstance(gold, dict) else None
    if not isinstance(answer, str) or not answer.strip():
        raise DataError(
            f"{problem.problem_id}: gold has neither an answer nor tests: {problem.gold[:80]!r}. "
            "Mend the task that made it and run `dvc repro`."
        )
    marked = _find(answer)  # a gold may be a whole solution
    return marked[0] if marked and marked[1] != "answer is" else answer


def _judge(text: str, gold: str) -> Verdict:
    said = reply(text)
    if said is None:
        return Verdict(0.0, TRUNCATED, None, "reasoning never closed")
    found = _find(said)
    if found is None:
        return Verdict(0.0, NO_ANSWER, None, "no marked answer")
    answer, rule = found
    if _spelling(answer) == _spelling(gold):
        return Verdict(1.0, CORRECT, answer, f"{rule}; same text")
    if _key(answer) == _key(gold):
        return Verdict(1.0, CORRECT, answer, f"{rule}; same number")
    return Verdict(0.0, WRONG, answer, rule)


# ---- finding

_OPENING = r"\boxed{"
_SAID = re.compile(r"\banswer(?: is:?|:)[ \t]*([^\n]*)", re.IGNORECASE)


def _find(text: str) -> tuple[str, str] | None:
    """The marked answer and the mark; None if there is none or the last box is never closed."""
    if (start := text.rfind(_OPENING)) >= 0:
        inside = _braced(text, start + len(_OPENING))
        return None if inside is None or not inside.strip() else (inside.strip(), "boxed")
    said = _SAID.findall(text)
    lines = [line for line in text.splitlines() if line.lstrip().startswith("####")]
    if said and (answer := said[-1].partition(". ")[0].strip().rstrip(".")):
        return answer, "answer is"
    if lines and (answer := lines[-1].strip().lstrip("#").strip()):
        return answer, "####"
    return None


def _braced(text: str, start: int) -> str | None:
    """What stands between here and the brace that closes; None if none does."""
    depth = 1
    for match in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, start):
        depth += {"{": 1, "}": -1}.get(match.group(), 0)
        if depth == 0:
            return text[start : match.start()]
    return None


# ---- comparing

_MAX_DIGITS = 300  # of a literal; longer ones are compared as text
_DROPPED = (r"\left", r"\right", r"\!", r"\,", r"\;", r"\ ", r"\$", "$")
_DIGITS = rf"\d{{1,{_MAX_DIGITS}}}"
_GROUPED = re.compile(r"-?\d{1,3}(?:,\d{3}){1,99}(?:\.\d+)?", re.ASCII)
_DECIMAL = re.compile(rf"-?(?:{_DIGITS}(?:\.{_DIGITS})?|\.{_DIGITS})", re.ASCII)
_QUOTIENT = re.compile(rf"(-?)(?:({_DIGITS})/({_DIGITS})|\\frac(?:"
                       rf"\{{(-?{_DIGITS})\}}\{{({_DIGITS})\}}|(\d)(\d)))", re.ASCII)  # fmt: skip


def _spelling(answer: str) -> str:
    """Without blanks, dollar signs, sizes of brackets and a closing point."""
    for command in (r"\dfrac", r"\tfrac", r"\cfrac"):
        answer = answer.replace(command, r"\frac")
    for part in _DROPPED:
        answer = answer.replace(part, "")
    answer = "".join(answer.split()).rstrip(".")
    return answer.replace(",", "") if _GROUPED.fullmatch(answer) else answer


def _key(answer: str) -> Fraction | str:
    """The value of a rational literal, else the spelling."""
    text = _spelling(answer)
    if _DECIMAL.fullmatch(text):
        return Fraction(text)
    match = _QUOTIENT.fullmatch(text)
    if match is None:
        return text
    top, bottom = match[2] or match[4] or match[6], match[3] or match[5] or match[7]
    if int(bottom) == 0:
        return text
    value = Fraction(int(top), int(bottom))
    return -value if match[1] else value
