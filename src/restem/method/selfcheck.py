"""Does the verifier agree with the data set? The gold answer, and solutions by people, must pass.

A problem whose gold fails, or that has solutions of which none passes, is quarantined: no solution
of the policy could be trusted to be judged right. APPS ships programs that fail their own tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from restem.core.errors import DataError
from restem.core.records import CORRECT, FAULTS, Problem, Verdict

Judge = Callable[[Sequence[Problem], Sequence[str]], list[Verdict]]
"""One verdict per pair of problem and text, in order."""
GOLD_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A problem that is left out, and the verdict on its gold or its first solution."""

    problem_id: str
    split: str
    outcome: str
    detail: str
    gold: str
    """Its first 200 characters."""


@dataclass(frozen=True, slots=True)
class SelfCheck:
    splits: dict[str, list[Problem]]
    """Without the quarantined; human_solution is the first solution that passes."""
    quarantined: list[Quarantined]
    num_judged: int
    """Verdicts, faults of the verifier included."""
    faults: list[tuple[str, Verdict]]
    """Verdicts that are faults of the verifier, each with its problem_id."""


def self_check(
    splits: Mapping[str, Sequence[Problem]],
    judge: Judge,
    gold_text: Callable[[Problem], str | None],
) -> SelfCheck:
    """Judge what must be right: each gold as a text, and solutions until one of a problem passes.

    Raises: DataError for a gold that the reward cannot read.
    """
    flat = [problem for problems in splits.values() for problem in problems]
    log = _Log(judge)
    golds = {k: text for k, p in enumerate(flat) if (text := gold_text(p)) is not None}
    failed = {k: v for k, v in log.judge(flat, golds).items() if v.outcome != CORRECT}
    solutions = {k: _solutions(p) for k, p in enumerate(flat) if k not in failed and _solutions(p)}
    passed: dict[int, str] = {}
    first: dict[int, Verdict] = {}
    for turn in range(max(map(len, solutions.values()), default=0)):
        texts = {k: s[turn] for k, s in solutions.items() if k not in passed and len(s) > turn}
        for k, verdict in log.judge(flat, texts).items():
            first.setdefault(k, verdict)
            if verdict.outcome == CORRECT:
                passed[k] = texts[k]
    failed |= {k: first[k] for k in solutions if k not in passed}
    checked: dict[str, list[Problem]] = {split: [] for split in splits}
    places = [split for split, problems in splits.items() for _ in problems]
    for k, problem in enumerate(flat):
        if k not in failed:
            solution = passed.get(k, problem.human_solution)
            checked[places[k]].append(replace(problem, human_solution=solution, references=()))
    quarantined = [_quarantined(flat[k], places[k], failed[k]) for k in sorted(failed)]
    return SelfCheck(checked, quarantined, log.num_judged, log.faults)


class _Log:
    """Judges texts of problems by place, and keeps count."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.num_judged = 0
        self.faults: list[tuple[str, Verdict]] = []

    def judge(self, problems: Sequence[Problem], texts: Mapping[int, str]) -> dict[int, Verdict]:
        asked = [problems[k] for k in texts]
        verdicts = self._judge(asked, list(texts.values())) if texts else []
        self.num_judged += len(verdicts)
        for problem, verdict in zip(asked, verdicts, strict=True):
            if verdict.outcome in FAULTS:
                self.faults.append((problem.problem_id, verdict))
        return dict(zip(texts, verdicts, strict=True))


def _solutions(problem: Problem) -> list[str]:
    human = [] if problem.human_solution is None else [problem.human_solution]
    return [*human, *problem.references]


def _quarantined(problem: Problem, split: str, verdict: Verdict) -> Quarantined:
    gold = problem.gold[:GOLD_CHARACTERS]
    return Quarantined(problem.problem_id, split, verdict.outcome, verdict.detail, gold)


def count_quarantined(quarantined: Sequence[Quarantined]) -> dict[str, dict[str, int]]:
    """By split and outcome."""
    counts: dict[str, Counter[str]] = {}
    for item in quarantined:
        counts.setdefault(item.split, Counter())[item.outcome] += 1
    return {split: dict(sorted(outcomes.items())) for split, outcomes in counts.items()}


def check_quarantined(
    quarantined: Sequence[Quarantined], sizes: Mapping[str, int], allowed: float
) -> None:
    """sizes: problems of each split before the check; allowed: data.max_quarantined.

    Faults of the verifier do not count here.
    Raises: DataError naming the split and the first problem.
    """
    for split, size in sizes.items():
        bad = [q for q in quarantined if q.split == split and q.outcome not in FAULTS]
        if len(bad) > allowed * size:
            raise DataError(
                f"{len(bad)} of {size} problems of {split} have a gold or solutions that the "
                f"verifier refuses, the first is {bad[0].problem_id} ({bad[0].outcome}: "
                f"{bad[0].detail}); data.max_quarantined allows {allowed:.1%} (params.yaml). "
                "Check that the files and the reward belong together, or raise it."
            )
