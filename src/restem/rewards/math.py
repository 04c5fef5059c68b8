r"""Reward 1 for a solution whose final answer equals the gold answer, else 0.

    text -> reply -> extract -> exact.decide -> guard.refusal -> algebra.equal, in a killable worker
                      20 us       10 us                           10 ms

Only the reply counts: what a model says while it reasons earns nothing, and reasoning that never
ends is `truncated`. A row that string code can't read is a row without reward, whatever it holds;
the others are judged as without it.

What equal means is listed in `exact`, where the answer is looked for in `extract`. Each (answer,
gold) is decided once. What the string stage decides (81 % of MATH's gold answers are
plain numbers, all of GSM8K's) never starts a worker. Gold is JSON: {"answer": "5/6"}. An answer
that is a whole solution with a box, an <answer> tag or a #### line is read like a prediction.

Verdicts: correct; wrong; no_answer (nothing extracted); truncated; timeout and error, which are
faults of this verifier and counted as such. `detail` names the rule that found the answer, then,
where it was not decided by exact comparison, what did: "boxed", "boxed; algebra",
"boxed; unparsable", "boxed; guard: tower", "boxed; unreadable: RecursionError".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from restem.core.errors import DataError
from restem.core.params import Machine, Score
from restem.core.protocols import Reward
from restem.core.records import CORRECT, NO_ANSWER, TRUNCATED, WRONG, Problem, Verdict
from restem.rewards import algebra, guard
from restem.rewards.exact import decide
from restem.rewards.extract import Extracted, clean, extract, marked
from restem.rewards.literal import is_unfinished
from restem.rewards.normal import normalise
from restem.rewards.pool import Pool, open_pool
from restem.rewards.reply import reply

VERSION = "math-4"

_MAX_OPEN_PAIRS = 28  # pairs of 8 classes: beyond that, voting does without algebra

_NOTHING = Verdict(0.0, NO_ANSWER, None, "nothing found")
_NEVER_CLOSED = Verdict(0.0, TRUNCATED, None, "reasoning never closed")

Ruling = tuple[str, str]
"""Outcome and how it came about ("" for exact comparison)."""


@contextmanager
def open_reward(score: Score, machine: Machine) -> Iterator[Reward]:
    """The math reward. Workers start with the first answer that takes algebra."""
    with open_pool(machine.workers, score.timeout_s, algebra.warm_up, algebra.equal) as pool:
        yield MathReward(pool)


class MathReward:
    """Remembers every ruling."""

    grader = VERSION

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._rulings: dict[tuple[str, str], Ruling] = {}

    def score(self, problems: Sequence[Problem], texts: Sequence[str]) -> list[Verdict]:
        """One verdict per pair, in order.

        Raises: DataError for a gold that is no {"answer": "..."}, SandboxError if workers do not
        start.
        """
        golds = {problem.gold: gold_answer(problem) for problem in problems}
        found = [_bounded(_found, text) for text in texts]
        pairs = [
            (read.answer if isinstance(read, Extracted) else "", golds[problem.gold])
            for problem, read in zip(problems, found, strict=True)
        ]
        self._rule(pairs)
        return [self._verdict(read, pair) for read, pair in zip(found, pairs, strict=True)]

    def group(self, answers: Sequence[str | None]) -> list[int | None]:
        """Equivalence classes in order of first appearance; an answer joins the first class whose
        first member it equals.

        Exact comparison first. Algebra is asked about the classes that are left, if they make at
        most 28 open pairs (8 classes): a vote among more is not settled by merging two, and each
        pair may cost 10 ms.
        """
        distinct = list(dict.fromkeys(answer for answer in answers if answer is not None))
        heads: list[str] = []
        class_of: dict[str, int] = {}
        for answer in distinct:
            joining = (i for i, head in enumerate(heads) if _bounded(_joins, answer, head) is True)
            place = next(joining, len(heads))
            if place == len(heads):
                heads.append(answer)
            class_of[answer] = place
        merged = self._merge(heads)
        return [None if answer is None else merged[class_of[answer]] for answer in answers]

    def _merge(self, heads: Sequence[str]) -> list[int]:
        """Number of each class after algebra, counted up without gaps."""
        pairs = [
            (later, earlier)
            for i, later in enumerate(heads)
            for earlier in heads[:i]
            if _bounded(decide, later, earlier) is None
        ]
        if len(pairs) > _MAX_OPEN_PAIRS:
            pairs = []
        self._rule(pairs)
        equal = {pair for pair in pairs if self._rulings[pair][0] == CORRECT}
        numbers: list[int] = []
        for i, head in enumerate(heads):
            twin = next((j for j in range(i) if (head, heads[j]) in equal), None)
            numbers.append(numbers[twin] if twin is not None else max(numbers, default=-1) + 1)
        return numbers

    def _verdict(self, read: Extracted | Verdict | Unreadable, pair: tuple[str, str]) -> Verdict:
        if isinstance(read, Unreadable):
            return Verdict(0.0, NO_ANSWER, None, f"unreadable: {read.reason}")
        if isinstance(read, Verdict):
            return read
        outcome, how = self._rulings[pair]
        detail = _printable(f"{read.rule}; {how}" if how else read.rule)
        return Verdict(float(outcome == CORRECT), outcome, pair[0] or None, detail)

    def _rule(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Make sure that every (answer, gold) has a ruling."""
        open_pairs = []
        for pair in dict.fromkeys(pairs):
            if pair not in self._rulings:
                ruling = _bounded(_without_algebra, *pair)
                if isinstance(ruling, Unreadable):
                    self._rulings[pair] = WRONG, f"unreadable: {ruling.reason}"
                elif ruling is None:
                    open_pairs.append(pair)
                else:
                    self._rulings[pair] = ruling
        self._rulings.update(zip(open_pairs, self._pool.map(open_pairs), strict=True))


# ---- one row is one row


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What string code made of a text that nobody can read."""

    reason: str


Result = TypeVar("Result")


def _bounded(work: Callable[..., Result], *texts: str) -> Result | Unreadable:
    """What `work` makes of texts that strangers wrote. They may nest too deeply, hold numbers that
    Python converts no more, or be of a form that nobody thought of: that is about this row, and no
    reason to leave the others unjudged."""
    try:
        return work(*texts)
    except (ArithmeticError, LookupError, MemoryError, RecursionError, ValueError, re.error) as e:
        return Unreadable(type(e).__name__)


def _found(text: str) -> Extracted | Verdict:
    """The answer in a completion, or the verdict that there is none."""
    said = reply(text)
    return _NEVER_CLOSED if said is None else extract(said) or _NOTHING


def _printable(detail: str) -> str:
    """Without control characters and marks that turn the writing direction."""
    return "".join(char if char.isprintable() else "?" for char in detail)


def gold_text(problem: Problem) -> str:
    r"""The gold in a box, as a solution would end. Raises: DataError for a malformed one."""
    return rf"\boxed{{{gold_answer(problem)}}}"


def _joins(answer: str, head: str) -> bool:
    """Whether an answer joins a class; arithmetic that is left undone has a class of its own, and
    so has a false equation: 14 is not "1+2 = 14"."""
    if "=" in head and decide(head, answer) is False:
        return False
    ours, first = normalise(answer).text, normalise(head).text
    return bool(decide(answer, head)) and (ours == first or not is_unfinished(first))


def gold_answer(problem: Problem) -> str:
    """The gold answer of a problem, cleaned like an extracted one; of a gold that is a whole
    solution what it marks. Raises: DataError naming the problem."""
    try:
        answer = json.loads(problem.gold)["answer"]
    except (ValueError, TypeError, KeyError, RecursionError):
        answer = None
    gold = _bounded(_marked, answer) if isinstance(answer, str) else ""
    if isinstance(gold, Unreadable) or not gold:
        raise DataError(
            f'{problem.problem_id}: gold must be JSON like {{"answer": "5/6"}}, '
            f"got {problem.gold[:80]!r}. Mend the task that made it and run `dvc repro`."
        )
    return gold


def _marked(answer: str) -> str:
    return marked(reply(answer) or answer) or clean(answer)


def _without_algebra(answer: str, gold: str) -> Ruling | None:
    """A ruling by exact comparison or the guard, None if the pair takes algebra."""
    if not answer:
        return WRONG, "empty or unclosed"
    decision = decide(answer, gold)
    if decision is not None:
        return (CORRECT, "") if decision else (WRONG, "")
    reason = guard.refusal(answer, gold)
    return (WRONG, f"guard: {reason}") if reason else None
