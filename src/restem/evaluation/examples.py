"""Solutions to look at: right and wrong ones of every policy, and one problem through the loop.

The choice is seeded and made before anyone reads: a report that shows only the nicest samples
would mislead, above all its author.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass

from restem.core.records import Problem
from restem.core.seeds import seed_for
from restem.evaluation.measures import EvalRow
from restem.evaluation.summary import TEST, Policy, Summary

PER_POLICY = 2  # right ones, and as many wrong ones


@dataclass(frozen=True, slots=True)
class Example:
    """A greedy solution of a test problem."""

    policy: str
    problem_id: str
    subject: str
    level: int
    question: str
    text: str
    answer: str | None
    expected: str | None
    outcome: str
    is_correct: bool


def choose(policy: Policy, problems: Mapping[str, Problem], seed: int) -> list[Example]:
    """Up to PER_POLICY right and as many wrong test solutions of a policy, right ones first."""
    rows = [row for row in policy.rows if row["set"] == TEST and row["problem_id"] in problems]
    rng = random.Random(seed_for(seed, "examples", policy.name))
    chosen: list[EvalRow] = []
    for is_right in (1, 0):
        some = [row for row in rows if row["greedy"] == is_right]
        chosen += rng.sample(some, min(PER_POLICY, len(some)))
    return [_example(policy, row, problems) for row in chosen]


def through_the_loop(summary: Summary, problems: Mapping[str, Problem], seed: int) -> list[Example]:
    """The solutions of every policy to one test problem, drawn by seed among those that the base
    fails and the last policy solves.

    Empty if there are none.
    """
    base, last = summary.base.hits(TEST), summary.last.hits(TEST)
    learned = sorted(i for i in base.keys() & last.keys() & problems.keys() if base[i] < last[i])
    if not learned:
        return []
    chosen = random.Random(seed_for(seed, "through the loop")).choice(learned)
    return [
        _example(policy, row, problems)
        for policy in summary.policies
        for row in policy.rows
        if row["set"] == TEST and row["problem_id"] == chosen
    ]


def _example(policy: Policy, row: EvalRow, problems: Mapping[str, Problem]) -> Example:
    problem = problems[row["problem_id"]]
    return Example(
        policy=policy.label,
        problem_id=row["problem_id"],
        subject=row["subject"],
        level=row["level"],
        question=problem.question,
        text=row["text"],
        answer=row["answer"],
        expected=_expected(problem),
        outcome=row["outcome"],
        is_correct=bool(row["greedy"]),
    )


def _expected(problem: Problem) -> str | None:
    """The gold answer, where the reward's gold has one (a list of unit tests has none to show)."""
    gold = json.loads(problem.gold)
    answer = gold.get("answer") if isinstance(gold, dict) else None
    return None if answer is None else str(answer)
