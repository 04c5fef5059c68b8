"""Gather every iteration: the summary, the files for `dvc plots`, and the report to read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from restem.core import layout
from restem.core.adoption import in_words
from restem.core.errors import DataError
from restem.core.params import Params, flatten
from restem.core.scratch import write_atomically
from restem.core.storage import (
    iter_rows,
    read_about,
    read_json,
    read_problems,
    read_rows,
    write_json,
)
from restem.evaluation import figures
from restem.evaluation.audit import AuditJson
from restem.evaluation.audit_section import audit_section, headline_numbers
from restem.evaluation.examples import choose, through_the_loop
from restem.evaluation.exports import headline, iteration_records, summary_record, to_csv
from restem.evaluation.measures import EvalRow, SetMetrics
from restem.evaluation.monitors import Training, count_e_step, curve_rows
from restem.evaluation.page import Report, render
from restem.evaluation.summary import BASE, HUMAN, TEST, Policy, Summary

log = logging.getLogger(__name__)
CURVES = Path("metrics/curves")
FIGURE = Path("metrics/pass_at_1.svg")  # for the README
PAGE = Path("metrics/report.html")
HEADLINE = Path("metrics/headline.txt")


def run(params: Params, iteration: str | None) -> None:
    """Read what the stages before left, 0 to `iters`, and write `metrics/`. `iteration` is unused.

    Raises: DataError if a file is missing or incomplete.
    """
    summary, audit = _gather(params), _audit(params)
    adopted = {stage: text for stage, told in _told(summary) if (text := _in_words(told))}
    drawn = {
        "pass_at_1": figures.pass_at_1(summary),
        "gap": figures.gap(summary),
        "pass_at_k": figures.pass_at_k(summary),
        "training": figures.training(summary),
        "outcomes": figures.outcomes(summary),
    }
    problems = {problem.problem_id: problem for problem in read_problems(layout.problems(TEST))}
    try:
        trust, numbers = audit_section(audit), headline_numbers(audit)
    except (KeyError, TypeError) as error:
        raise DataError(f"{layout.AUDIT} lacks {error}. Delete it and run `dvc repro`.") from error
    page = Report(
        summary=summary,
        figures=drawn,
        examples=[e for p in summary.policies for e in choose(p, problems, params.seed)],
        journey=through_the_loop(summary, problems, params.seed),
        params={k: v for k, v in flatten(params).items() if not k.startswith("machine.")},
        trust=trust,
        adopted=[f"{stage}: {text}." for stage, text in adopted.items()],
    )
    rest = {"adopted": adopted} if adopted else {}
    write_json(layout.SUMMARY, {**summary_record(summary), "audit": numbers, **rest})
    write_atomically(layout.ITERATIONS_CSV, to_csv(iteration_records(summary)))
    write_atomically(FIGURE, drawn["pass_at_1"].encode())
    write_atomically(PAGE, render(page).encode())
    _write_curves(summary)
    write_atomically(HEADLINE, f"{headline(summary)}\n".encode())
    log.info("%s Read it in %s", headline(summary), PAGE)


def _gather(params: Params) -> Summary:
    """Neither idle iterations, beyond `iters`, nor the rows of a skipped control are read."""
    names = [BASE, HUMAN, *(str(k) for k in range(1, params.iters + 1))]
    metrics = {name: read_json(layout.evaluation(name)) for name in names}
    policies = [_policy(name, metrics[name]) for name in names if not metrics[name].get("idle")]
    return Summary(policies, params.eval.bootstrap_draws, params.seed)


def _told(summary: Summary) -> Iterator[tuple[str, object]]:
    """What each stage says of work that earlier code made."""
    for policy in summary.policies:
        name = policy.name
        if policy.e_step:
            about = cast(dict[str, object], read_about(layout.scored(name)) or {})
            yield from ((f"{stage}@{name}", told) for stage, told in about.items())
        if policy.training:
            yield f"train@{name}", policy.training.get("adopted")


def _in_words(told: object) -> str:
    """ "2 of 3 shards were adopted, a.py changed since"; "" where nothing was."""
    entries = cast(list[dict[str, Any]], told or [])
    return "; ".join(
        f"{entry['what']} adopted, {in_words(entry['changed'], most=len(entry['changed'] or []))}"
        for entry in entries
    )


def _audit(params: Params) -> AuditJson:
    """metrics/audit.json. Raises: DataError if it is missing or of a run with other iterations."""
    audit = read_json(layout.AUDIT)
    found, wanted = audit.get("iterations"), {str(k) for k in range(1, params.iters + 1)}
    if not isinstance(found, dict) or set(found) != wanted:
        raise DataError(
            f"{layout.AUDIT} is of another run: it does not hold iterations 1 to {params.iters}. "
            "Run `dvc repro`."
        )
    return cast(AuditJson, audit)


def _policy(name: str, metrics: dict[str, object]) -> Policy:
    trained, sampled = name != BASE, name.isdigit() and name != BASE
    return Policy(
        name=name,
        sets=cast(dict[str, SetMetrics], metrics),
        rows=cast(list[EvalRow], read_rows("eval", layout.eval_rows(name))),
        training=cast(Training, read_json(layout.training(name))) if trained else None,
        e_step=count_e_step(
            iter_rows("scored", layout.scored(name)),
            sum(1 for _ in iter_rows("train", layout.train_rows(name))),
        )
        if sampled
        else None,
    )


def _write_curves(summary: Summary) -> None:
    """One CSV per trained policy, and no other file: those of earlier runs go."""
    trained = {f"{p.name}.csv": p.training for p in summary.policies if p.training}
    CURVES.mkdir(parents=True, exist_ok=True)
    for old in CURVES.iterdir():
        if old.name not in trained:
            old.unlink()
    for name, training in trained.items():
        write_atomically(CURVES / name, to_csv(curve_rows(training)))
