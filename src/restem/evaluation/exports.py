"""A summary in words and in the small files that other tools read.

`metrics/summary.json` has few, short, dotted keys: the columns of `dvc exp show` and the lines of
`dvc metrics diff`. `metrics/iterations.csv` has one row per policy of the loop for `dvc plots`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from restem.evaluation.monitors import GAP
from restem.evaluation.statistics import NO_CHANGE
from restem.evaluation.summary import TEST, VAL, Policy, Summary

Cell = int | float | str


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with its sign; never "-0.0"."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}".replace("-", "−")


def headline(summary: Summary) -> str:
    """The result in one sentence: how many problems, the interval of the change, how many seeds."""
    scored, faults = summary.judged
    doubt = f"; {_unjudged(scored, faults)}" if faults else ""
    return f"{_result(summary)}{doubt}."


def fault_notes(summary: Summary) -> list[str]:
    """A line for each policy with solutions that the verifier could not judge."""
    counts = [(policy.label, *policy.judged) for policy in summary.policies]
    return [f"{label}: {_unjudged(scored, faults)}." for label, scored, faults in counts if faults]


def _unjudged(scored: int, faults: int) -> str:
    return f"the verifier could not judge {faults:,} of {scored:,} solutions"


def _result(summary: Summary) -> str:
    base, num = summary.base.score(TEST), summary.base.sets[TEST]["num_problems"]
    if summary.last is summary.base:
        return (
            f"The base model solves {percent(base.mean)} of {num} test problems (95 % CI "
            f"{percent(base.low)} to {percent(base.high)}, 1 seed); no iteration was run"
        )
    found, rounds = summary.find(summary.base, summary.last), len(summary.loop) - 1
    change, last = found.change, summary.last.score(TEST)
    name = found.verdict if found.verdict == NO_CHANGE else f"a {found.verdict}"
    sentence = (
        f"After {rounds} iteration{'s' * (rounds > 1)} of self-training, greedy pass@1 on {num} "
        f"test problems goes from {percent(base.mean)} to {percent(last.mean)}: "
        f"{points(change.mean)} points (95 % CI {points(change.low)} to {points(change.high)}, "
        f"1 seed), {name}"
    )
    if summary.human:
        control = percent(summary.human.score(TEST).mean)
        sentence += f"; training on human solutions instead gives {control}"
    return sentence


def summary_record(summary: Summary) -> dict[str, object]:
    """The content of `metrics/summary.json`. `best_val` is chosen on val; its test is only read.

    `faults`, solutions that the verifier could not judge, is there only if there are any.
    """
    best, steps = summary.best_val, summary.loop[1:]
    record: dict[str, object] = {
        "base": _scores(summary.base),
        "last": {"iteration": int(summary.last.name), **_scores(summary.last)},
        "best_val": {"iteration": int(best.name), **_scores(best)},
    }
    if summary.human:
        record["human"] = _scores(summary.human)
    if faults := summary.judged[1]:
        record["faults"] = faults
    if not steps:
        return record
    record["gain"] = _changes(summary, summary.base)
    if summary.human:
        record["over_human"] = _changes(summary, summary.human)
    if len(steps) > 1:
        record["last_step"] = _changes(summary, steps[-2])
    return record


def iteration_records(summary: Summary) -> list[dict[str, Cell]]:
    """The rows of `metrics/iterations.csv`: the base (0) and every iteration; GAP where unknown.

    `transfer.*` is the mean over the transfer sets, so that plots need no name of a set; `human.*`
    and `base.*` repeat one value in every row, so that they draw level lines.
    """
    return [_record(summary, policy) for policy in summary.loop]


def to_csv(records: Sequence[Mapping[str, Cell]]) -> bytes:
    """Columns of the first record; fails on a record with others."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]) if records else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def _scores(policy: Policy) -> dict[str, float]:
    return {name: _short(policy.score(name).mean) for name in sorted(policy.sets)}


def _changes(summary: Summary, before: Policy) -> dict[str, dict[str, float]]:
    """From `before` to the last policy, on every held-out set."""
    found = {name: summary.find(before, summary.last, name) for name in summary.held_out}
    return {
        name: {key: _short(value) for key, value in one.change.as_dict().items()}
        for name, one in found.items()
    }


def _record(summary: Summary, policy: Policy) -> dict[str, Cell]:
    record: dict[str, Cell] = {"iteration": int(policy.name)}
    for name in sorted(policy.sets):
        score = policy.score(name)
        record[f"{name}.pass_at_1"] = _short(score.mean)
        record[f"{name}.low"] = _short(score.low)
        record[f"{name}.high"] = _short(score.high)
    record["transfer.pass_at_1"] = _transfer(summary, policy)
    record["gap"] = GAP if policy.gap is None else _short(policy.gap)
    for k, interval in policy.pass_at().items():
        record[f"sampled.pass_at_{k}"] = _short(interval.mean)
    for k, interval in policy.maj_at().items():
        record[f"sampled.maj_at_{k}"] = _short(interval.mean)
    e_step = policy.e_step
    record["e_step.accuracy"] = _short(e_step.accuracy) if e_step else GAP
    record["e_step.solved"] = _short(e_step.solved) if e_step else GAP
    record["e_step.distinct"] = _short(e_step.distinct) if e_step else GAP
    record["e_step.kept"] = e_step.num_kept if e_step else GAP
    for name, constant in (("base", summary.base), ("human", summary.human)):
        record[f"{name}.test"] = _short(constant.score(TEST).mean) if constant else GAP
        record[f"{name}.val"] = _short(constant.score(VAL).mean) if constant else GAP
        record[f"{name}.transfer"] = _transfer(summary, constant) if constant else GAP
    return record


def _transfer(summary: Summary, policy: Policy) -> Cell:
    scores = [policy.score(name).mean for name in summary.transfer]
    return _short(sum(scores) / len(scores)) if scores else GAP


def _short(value: float) -> float:
    """Four decimals: a hundredth of a percentage point."""
    return round(value, 4)
