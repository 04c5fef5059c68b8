"""The metrics of a problem set, computed from its evaluation rows.

What `metrics/iterations/K.json` holds, per set. Everything here can be recomputed from
`data/iterations/K/eval.parquet`, save the counts of verdicts over the sampled solutions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NotRequired, TypedDict, cast

from restem.core.params import Eval
from restem.core.records import OUTCOMES
from restem.core.seeds import seed_for
from restem.evaluation.estimators import pass_at_k
from restem.evaluation.statistics import Interval, bootstrap


class IntervalJson(TypedDict):
    """An `Interval` as JSON."""

    mean: float
    low: float
    high: float


class EvalRow(TypedDict):
    """A row of `eval.parquet`; the last three are None where not sampled."""

    set: str
    problem_id: str
    subject: str
    level: int
    greedy: int
    outcome: str
    text: str
    answer: str | None
    num_tokens: int
    num_samples: int | None
    num_correct: int | None
    maj: float | None


class SetMetrics(TypedDict):
    """The metrics of one set. `pass_at` and `maj_at` (by k) are there if it was sampled."""

    pass_at_1: IntervalJson
    """Greedy decoding."""
    num_problems: int
    outcomes: dict[str, int]
    mean_tokens: float
    by_level: dict[str, float]
    by_subject: dict[str, float]
    num_sampled_problems: int
    num_scored: int
    """Solutions judged, greedy and sampled; `num_faults` of them the verifier could not judge."""
    num_faults: int
    pass_at: NotRequired[dict[str, IntervalJson]]
    maj_at: NotRequired[dict[str, IntervalJson]]


def measure(
    rows: Sequence[EvalRow], params: Eval, seed: int, judged: tuple[int, int]
) -> SetMetrics:
    """Metrics of one set, not empty. judged: solutions scored, and faults of the verifier."""

    def interval(values: Sequence[float], what: str) -> IntervalJson:
        where = seed_for(seed, "bootstrap", rows[0]["set"], what)
        return as_json(bootstrap(values, params.bootstrap_draws, where))

    metrics: SetMetrics = {
        "pass_at_1": interval([row["greedy"] for row in rows], "greedy"),
        "num_problems": len(rows),
        "outcomes": {name: sum(row["outcome"] == name for row in rows) for name in OUTCOMES},
        "mean_tokens": round(sum(row["num_tokens"] for row in rows) / len(rows), 3),
        "by_level": _accuracy_by(rows, lambda row: str(row["level"])),
        "by_subject": _accuracy_by(rows, lambda row: row["subject"]),
        "num_sampled_problems": 0,
        "num_scored": judged[0],
        "num_faults": judged[1],
    }
    counts = [
        (row["num_samples"], row["num_correct"] or 0, row["maj"] or 0.0)
        for row in rows
        if row["num_samples"] is not None
    ]
    if counts:
        metrics["num_sampled_problems"] = len(counts)
        metrics["pass_at"] = {
            str(k): interval([pass_at_k(n, c, k) for n, c, _ in counts], f"pass@{k}")
            for k in sorted(set(params.pass_at))
        }
        metrics["maj_at"] = {str(params.samples): interval([maj for _, _, maj in counts], "maj")}
    return metrics


def as_json(interval: Interval) -> IntervalJson:
    return cast(IntervalJson, interval.as_dict())


def _accuracy_by(rows: Sequence[EvalRow], key: Callable[[EvalRow], str]) -> dict[str, float]:
    """Greedy accuracy of each group of rows, groups in order of their names."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row["greedy"])
    return {name: round(sum(hits) / len(hits), 6) for name, hits in sorted(groups.items())}
