r"""Reward 1 for a solution whose final answer equals the gold answer, else 0.

    text -> extract -> exact.decide -> guard.refusal -> algebra.equal, in a killable worker
             20 us       10 us                           10 ms

What equal means is listed in `exact`, where the answer is looked for in `extract`. Each (answer,
gold) is decided once. What the string stage decides (81 % of MATH's gold answers are
plain numbers, all of GSM8K's) never starts a worker. Gold is JSON: {"answer": "5/6"}.

Verdicts: correct; wrong; no_answer (nothing extracted); timeout and error, which are faults of this
verifier and counted as such. `detail` names the rule that found the answer, then, where it was not
decided by exact comparison, what did: "boxed", "boxed; algebra", "boxed; unparsable",
"boxed; guard: tower".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from restem.core.errors import DataError
from restem.core.params import Machine, Score
from restem.core.protocols import Reward
from restem.core.records import CORRECT, NO_ANSWER, WRONG, Problem, Verdict
from restem.rewards import algebra, guard
from restem.rewards.exact import decide
from restem.rewards.extract import clean, extract
from restem.rewards.literal import is_unfinished
from restem.rewards.normal import normalise
from restem.rewards.pool import Pool, open_pool

VERSION = "math-3"

_MAX_OPEN_PAIRS = 28  # pairs of 8 classes: beyond that, voting does without algebra

_NOTHING = Verdict(0.0, NO_ANSWER, None, "nothing found")

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
        found = [extract(text) for text in texts]
        pairs = [
            (extracted.answer if extracted else "", golds[problem.gold])
            for problem, extracted in zip(problems, found, strict=True)
        ]
        self._rule(pairs)
        return [
            self._verdict(extracted.rule, pair) if extracted else _NOTHING
            for extracted, pair in zip(found, pairs, strict=True)
        ]

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
            place = next((i for i, head in enumerate(heads) if _joins(answer, head)), len(heads))
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
            if decide(later, earlier) is None
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

    def _verdict(self, rule: str, pair: tuple[str, str]) -> Verdict:
        outcome, how = self._rulings[pair]
        detail = f"{rule}; {how}" if how else rule
        return Verdict(float(outcome == CORRECT), outcome, pair[0] or None, detail)

    def _rule(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Make sure that every (answer, gold) has a ruling."""
        open_pairs = []
        for pair in dict.fromkeys(pairs):
            if pair not in self._rulings:
                ruling = _without_algebra(*pair)
                if ruling is None:
                    open_pairs.append(pair)
                else:
                    self._rulings[pair] = ruling
        self._rulings.update(zip(open_pairs, self._pool.map(open_pairs), strict=True))


def gold_text(problem: Problem) -> str:
    r"""The gold in a box, as a solution would end. Raises: DataError for a malformed one."""
    return rf"\boxed{{{gold_answer(problem)}}}"


def _joins(answer: str, head: str) -> bool:
    """Whether an answer joins a class; arithmetic that is left undone has a class of its own."""
    ours, first = normalise(answer).text, normalise(head).text
    return bool(decide(answer, head)) and (ours == first or not is_unfinished(first))


def gold_answer(problem: Problem) -> str:
    """The gold answer of a problem, cleaned like an extracted one. Raises: DataError naming it."""
    try:
        answer = json.loads(problem.gold)["answer"]
    except (ValueError, TypeError, KeyError):
        answer = None
    if not isinstance(answer, str) or not clean(answer):
        raise DataError(
            f'{problem.problem_id}: gold must be JSON like {{"answer": "5/6"}}, '
            f"got {problem.gold[:80]!r}. Mend the task that made it and run `dvc repro`."
        )
    return clean(answer)


def _without_algebra(answer: str, gold: str) -> Ruling | None:
    """A ruling by exact comparison or the guard, None if the pair takes algebra."""
    if not answer:
        return WRONG, "empty or unclosed"
    decision = decide(answer, gold)
    if decision is not None:
        return (CORRECT, "") if decision else (WRONG, "")
    reason = guard.refusal(answer, gold)
    return (WRONG, f"guard: {reason}") if reason else None
