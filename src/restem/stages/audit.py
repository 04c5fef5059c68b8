"""How far the verdicts can be trusted: a second grader, probes, steps, luck, and a ledger."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence

from restem.core import layout, plugins, storage
from restem.core.errors import DataError
from restem.core.faults import check_faults
from restem.core.judging import reward_name
from restem.core.params import Params
from restem.core.protocols import Reward
from restem.core.records import FAULTS, Problem, Verdict, complete
from restem.core.storage import Row
from restem.evaluation.audit import (
    AuditJson,
    Given,
    IterationJson,
    check_steps,
    compare,
    luck,
)
from restem.evaluation.probes import gold_answer, tally, trials
from restem.rewards.ledger import normal_form

log = logging.getLogger(__name__)
SECOND = "strict"

Problems = Mapping[str, Problem]


def run(params: Params, iteration: str | None) -> None:
    """Write metrics/audit.json and data/audit/K.parquet of every active iteration.

    `iteration` is unused. Raises: DataError; SandboxError if a verifier itself fails too often.
    """
    started = time.monotonic()
    problems = {p.problem_id: p for p in storage.read_problems(layout.problems("train"))}
    _clear_ledgers()
    name = reward_name(params.reward, problems.values())
    main, second = plugins.load("reward", name), plugins.load("reward", SECOND)
    tried = trials(list(problems.values()), params.seed)
    with main.open_reward(params.score, params.machine) as reward:
        verdicts = reward.score([trial.problem for trial in tried], [t.text for t in tried])
        grader = reward.grader
    with second.open_reward(params.score, params.machine) as strict:
        iterations = {
            str(k): _iteration(str(k), problems, strict, params) for k in range(1, params.iters + 1)
        }
    found: AuditJson = {"reward": name, "grader": grader, "probe": tally(tried, verdicts),
                        "iterations": iterations}  # fmt: skip
    storage.write_json(layout.AUDIT, found)
    _tell(found, time.monotonic() - started)


def _tell(found: AuditJson, seconds: float) -> None:
    rounds, probe = found["iterations"].values(), found["probe"]["all"]
    disputed = sum(i["comparison"]["only_main"] + i["comparison"]["only_strict"] for i in rounds)
    log.info("audit: %d of %d wrong solutions accepted, %d of %d verdicts disputed, %.1f s -> %s",
             probe["accepted"], probe["tried"], disputed, sum(i["samples"] for i in rounds),
             seconds, layout.AUDIT)  # fmt: skip


def _clear_ledgers() -> None:
    """An empty folder: those of earlier runs go."""
    layout.LEDGERS.mkdir(parents=True, exist_ok=True)
    for old in layout.LEDGERS.glob("*.parquet"):
        old.unlink()


def _iteration(name: str, problems: Problems, strict: Reward, params: Params) -> IterationJson:
    """Audit one iteration and write its ledger."""
    path = layout.scored(name)
    rows = storage.read_rows("scored", path)
    if unknown := {str(row["problem_id"]) for row in rows} - problems.keys():
        raise DataError(f"{path}: {len(unknown)} problems are not in D; run `dvc repro`")
    second = _second_verdicts(rows, problems, strict)
    _check_faults(second, params, f"iteration {name}, grader {strict.grader}")
    ledger = _ledger(rows, second, problems)
    storage.write_rows("ledger", layout.LEDGERS / f"{name}.parquet", ledger)
    golds = _golds(problems)
    right = _right(name, rows, golds)
    return {
        "samples": len(rows),
        "graders": sorted({str(row["grader"]) for row in rows}),
        "second_grader": strict.grader,
        "comparison": compare(rows, second, problems, params.seed),
        "steps": check_steps(right, params.seed) if right else None,
        "luck": luck(_given(rows, ledger), golds, problems),
    }


def _right(name: str, scored: Sequence[Row], golds: Mapping[str, str]) -> list[Row]:
    """The kept rows with a right answer; `method.weight: exp` keeps others too."""
    correct = {row["sample_id"] for row in scored if float(str(row["reward"])) > 0}
    kept = storage.read_rows("train", layout.train_rows(name))
    return [row for row in kept if row["problem_id"] in golds and row["sample_id"] in correct]


def _second_verdicts(rows: Sequence[Row], problems: Problems, strict: Reward) -> list[Verdict]:
    asked = [problems[str(row["problem_id"])] for row in rows]
    verdicts = strict.score(asked, [str(row["text"]) for row in rows])
    return [
        complete(verdict, str(row["finish_reason"]))
        for row, verdict in zip(rows, verdicts, strict=True)
    ]


def _ledger(rows: Sequence[Row], second: Sequence[Verdict], problems: Problems) -> list[Row]:
    """A line per sample: what was read, and what both graders said."""
    ledger: list[Row] = []
    for row, verdict in zip(rows, second, strict=True):
        answer = None if row["answer"] is None else str(row["answer"])
        ledger.append(
            {
                "problem_id": row["problem_id"],
                "sample_index": row["sample_index"],
                "answer": answer,
                "normal": normal_form(problems[str(row["problem_id"])], answer),
                "outcome": row["outcome"],
                "detail": row["detail"],
                "strict": verdict.outcome,
            }
        )
    return ledger


def _given(rows: Sequence[Row], ledger: Sequence[Row]) -> list[Given]:
    """The answers that count as one, in normal form."""
    return [
        Given(str(row["problem_id"]), str(line["normal"]), float(str(row["reward"])) > 0)
        for row, line in zip(rows, ledger, strict=True)
        if line["normal"] is not None and row["outcome"] not in FAULTS
    ]


def _golds(problems: Problems) -> dict[str, str]:
    """Gold answers in normal form, of the problems that have one."""
    golds = {i: normal_form(p, gold_answer(p)) for i, p in problems.items()}
    return {problem_id: gold for problem_id, gold in golds.items() if gold is not None}


def _check_faults(verdicts: Sequence[Verdict], params: Params, where: str) -> None:
    faults = [verdict for verdict in verdicts if verdict.outcome in FAULTS]
    if faults:
        example = f"{where}, first: {faults[0].outcome}: {faults[0].detail}"
        check_faults(len(faults), len(verdicts), params.score.max_fault_rate, example)
