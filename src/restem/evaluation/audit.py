"""How far the verdicts of an iteration can be trusted, measured four ways.

    comparison   a second, independent grader on the same samples: where do the two disagree?
    probe        solutions that are wrong by construction: how many earn a reward? (`probes.py`)
    steps        kept solutions with a right answer: how many write down wrong arithmetic?
    luck         how often would an answer to another problem have been right by chance?

Pure functions over rows and verdicts; nothing here decides about a reward.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypedDict, TypeVar

from restem.core.records import Problem, Verdict
from restem.core.seeds import seed_for
from restem.core.storage import Row
from restem.evaluation.arithmetic import value
from restem.evaluation.probes import ProbeJson, gold_answer
from restem.evaluation.steps import equations

SHOWN = 10  # examples of each kind
LONGEST = 4000  # characters of a text that are kept
T = TypeVar("T")
CELLS = 5  # cells of subject and level with the most luck


class DisagreementJson(TypedDict):
    """A sample that one grader rewards and the other does not."""

    problem_id: str
    sample_index: int
    gold: str | None
    main: str
    main_answer: str | None
    strict: str
    strict_answer: str | None
    text: str


class ComparisonJson(TypedDict):
    """`table[main outcome][strict outcome]` counts samples; the rest counts disagreements on the
    reward."""

    table: dict[str, dict[str, int]]
    only_main: int
    only_strict: int
    examples: list[DisagreementJson]


class WrongStepJson(TypedDict):
    problem_id: str
    equation: str
    text: str


class StepsJson(TypedDict):
    """Of the kept solutions with a right answer. `with_equations` have a step to check."""

    kept: int
    with_equations: int
    with_wrong: int
    equations: int
    wrong: int
    examples: list[WrongStepJson]


class CellJson(TypedDict):
    subject: str
    level: int
    problems: int
    rate: float


class LuckJson(TypedDict):
    """`rate`: chance that an answer drawn from the policy's answers to other problems of the same
    subject and level is right. `share_of_correct`: see `luck`."""

    problems: int
    rate: float
    share_of_correct: float
    cells: list[CellJson]


class IterationJson(TypedDict):
    """`steps` and `luck` are null for problems with tests; `steps` also if none kept is right."""

    samples: int
    graders: list[str]
    second_grader: str
    comparison: ComparisonJson
    steps: StepsJson | None
    luck: LuckJson | None


class AuditJson(TypedDict):
    """`metrics/audit.json`. `probe` is of D, and of no iteration."""

    reward: str
    grader: str
    probe: ProbeJson
    iterations: dict[str, IterationJson]


# ---- comparison


def compare(
    rows: Sequence[Row], second: Sequence[Verdict], problems: Mapping[str, Problem], seed: int
) -> ComparisonJson:
    """rows: of scored.parquet; second: the other grader's verdicts, in order."""
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    only_main: dict[tuple[str, object], DisagreementJson] = {}
    only_strict = dict(only_main)
    counts = [0, 0]
    for row, verdict in zip(rows, second, strict=True):
        table[str(row["outcome"])][verdict.outcome] += 1
        ours, theirs = float(str(row["reward"])) > 0, verdict.reward > 0
        if ours != theirs:
            counts[theirs] += 1
            found = only_strict if theirs else only_main
            key = str(row["problem_id"]), row["answer"]
            found.setdefault(key, _disagreement(row, verdict, problems))
    rng = random.Random(seed_for(seed, "audit", "disagreements"))
    drawn = [_draw(list(found.values()), rng, SHOWN) for found in (only_strict, only_main)]
    return {
        "table": {name: dict(sorted(table[name].items())) for name in sorted(table)},
        "only_main": counts[0],
        "only_strict": counts[1],
        "examples": [*drawn[0][: max(SHOWN // 2, SHOWN - len(drawn[1]))], *drawn[1]][:SHOWN],
    }


def _disagreement(row: Row, verdict: Verdict, problems: Mapping[str, Problem]) -> DisagreementJson:
    answer = row["answer"]
    return {
        "problem_id": str(row["problem_id"]),
        "sample_index": int(str(row["sample_index"])),
        "gold": gold_answer(problems[str(row["problem_id"])]),
        "main": str(row["outcome"]),
        "main_answer": None if answer is None else str(answer)[:LONGEST],
        "strict": verdict.outcome,
        "strict_answer": None if verdict.answer is None else verdict.answer[:LONGEST],
        "text": str(row["text"])[:LONGEST],
    }


def _draw(found: Sequence[T], rng: random.Random, count: int) -> list[T]:
    """Some of them, in order."""
    picked = rng.sample(range(len(found)), min(count, len(found)))
    return [found[index] for index in sorted(picked)]


# ---- steps


def check_steps(kept: Sequence[Row], seed: int) -> StepsJson:
    """kept: rows of train.parquet with a right answer. Each counts, also two with the same text."""
    found = [(row, equations(str(row["completion"]))) for row in kept]
    wrong = [
        WrongStepJson(problem_id=str(row["problem_id"]), equation=step.text,
                      text=str(row["completion"])[:LONGEST])
        for row, steps in found
        for step in steps
        if not step.holds
    ]  # fmt: skip
    distinct: dict[str, WrongStepJson] = {}
    for one in wrong:
        distinct.setdefault(one["equation"], one)
    rng = random.Random(seed_for(seed, "audit", "steps"))
    return {
        "kept": len(kept),
        "with_equations": sum(bool(steps) for _, steps in found),
        "with_wrong": sum(any(not step.holds for step in steps) for _, steps in found),
        "equations": sum(len(steps) for _, steps in found),
        "wrong": len(wrong),
        "examples": _draw(list(distinct.values()), rng, SHOWN),
    }


# ---- luck


@dataclass(frozen=True, slots=True)
class Given:
    """An answer of the policy, in normal form."""

    problem_id: str
    answer: str
    is_correct: bool


def luck(
    given: Sequence[Given], golds: Mapping[str, str], problems: Mapping[str, Problem]
) -> LuckJson | None:
    """Right answers by luck, estimated; None where no problem has an answer to compare with.

    golds: gold answers in normal form, by problem_id.

    The chance q of a problem is the share of its gold among the policy's answers to the *other*
    problems of its subject and level, as if a guesser knew which answers such problems have and
    nothing else. `rate` is the mean of q over problems. If every wrong answer was such a guess that
    failed, each stands for q / (1 - q) guesses that hit: `share_of_correct` is the sum of these
    over all wrong answers, divided by the number of right ones, at most 1. (With one q for all and
    accuracy p that is q (1 - p) / (p (1 - q)), the correction for guessing of multiple-choice
    tests.) Wrong answers mostly come from a wrong method, not from guessing, so it is an upper
    estimate.
    """
    cells: defaultdict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    own: defaultdict[str, Counter[str]] = defaultdict(Counter)
    right: Counter[str] = Counter()
    for one in given:
        problem = problems[one.problem_id]
        cells[problem.subject, problem.level][canonical(one.answer)] += 1
        own[one.problem_id][canonical(one.answer)] += 1
        right[one.problem_id] += one.is_correct
    chances: dict[str, float] = {}
    for problem_id, answers in sorted(own.items()):
        cell = cells[problems[problem_id].subject, problems[problem_id].level]
        others = cell.total() - answers.total()
        if others:
            gold = canonical(golds[problem_id])
            chances[problem_id] = (cell[gold] - answers[gold]) / others
    if not chances:
        return None
    wrong = {problem_id: own[problem_id].total() - right[problem_id] for problem_id in chances}
    hits = sum(wrong[i] * q / (1 - q) for i, q in chances.items() if q < 1)
    return {
        "problems": len(chances),
        "rate": round(sum(chances.values()) / len(chances), 6),
        "share_of_correct": round(min(1.0, hits / max(right.total(), 1)), 6),
        "cells": _luckiest(chances, problems),
    }


def _luckiest(chances: Mapping[str, float], problems: Mapping[str, Problem]) -> list[CellJson]:
    cells: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    for problem_id, chance in chances.items():
        cells[problems[problem_id].subject, problems[problem_id].level].append(chance)
    listed: list[CellJson] = [
        {"subject": subject, "level": level, "problems": len(found),
         "rate": round(sum(found) / len(found), 6)}
        for (subject, level), found in sorted(cells.items())
    ]  # fmt: skip
    return sorted(listed, key=lambda cell: -cell["rate"])[:CELLS]


@lru_cache(1 << 16)
def canonical(answer: str) -> str:
    """One text for equal numbers, the answer itself for everything else."""
    number = value(answer)
    return answer if number is None else f"{number.numerator:x}/{number.denominator:x}"
