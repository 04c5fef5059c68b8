"""E-step, second part: the verdict on every sample."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import asdict

from restem.core import layout, plugins, storage
from restem.core.errors import DataError
from restem.core.faults import check_faults
from restem.core.params import Params
from restem.core.progress import Progress
from restem.core.protocols import Reward
from restem.core.records import FAULTS, Problem, SampleRow, ScoredRow, complete
from restem.core.scratch import code_digest, digest, scratch

log = logging.getLogger(__name__)
ROWS_PER_PART = 2048
# The code that scratch work depends on; a test compares it with dvc.yaml.
CODE = (
    "core/records.py",
    "core/seeds.py",
    "core/storage.py",
    "rewards",
    "stages/score.py",
)


def run(params: Params, iteration: str | None) -> None:
    """Write data/iterations/K/scored.parquet; finished parts survive a kill.

    Raises: DataError; SandboxError if the verifier itself fails too often.
    """
    assert iteration is not None
    started = time.monotonic()
    problems = {p.problem_id: p for p in storage.read_problems(layout.problems("train"))}
    path = layout.samples(iteration)
    samples = [SampleRow(**row) for row in storage.read_rows("samples", path)]  # type: ignore[arg-type]  # the schema types them
    if unknown := {s.problem_id for s in samples} - problems.keys():
        raise DataError(
            f"{path}: {len(unknown)} problems are not in D, the first is {min(unknown)}"
        )
    module = plugins.load("reward", plugins.reward_name(params.reward, problems.values()))
    rows: list[ScoredRow] = []
    key = {"samples": digest(path), "problems": digest(layout.problems("train")),
           "score": asdict(params.score), "code": code_digest(CODE)}  # fmt: skip
    with (
        module.open_reward(params.score, params.machine) as reward,
        scratch(f"score-{iteration}", {**key, "grader": reward.grader}) as work,
        Progress(f"score@{iteration}", len(samples), "samples") as bar,
    ):
        for start in range(0, len(samples), ROWS_PER_PART):
            name = f"{start:09d}"
            if work.done(name):
                stored = storage.from_bytes("scored", work.read(name), str(work.path / name))
                part = [ScoredRow(**row) for row in stored]  # type: ignore[arg-type]  # the schema types them
            else:
                part = judge(reward, problems, samples[start : start + ROWS_PER_PART])
                if not any(row.outcome in FAULTS for row in part):  # faults are tried again
                    work.write(name, storage.to_bytes("scored", map(asdict, part)))
            rows += part
            bar.advance(len(part), f"correct {sum(r.reward > 0 for r in rows) / len(rows):.1%}")
        _check_faults(rows, params.score.max_fault_rate)
        storage.write_rows("scored", layout.scored(iteration), map(asdict, rows))
    outcomes = Counter(row.outcome for row in rows)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    log.info("score@%s: %s by %s in %.1f s -> %s", iteration, counts, reward.grader,
             time.monotonic() - started, layout.scored(iteration))  # fmt: skip


def judge(
    reward: Reward, problems: dict[str, Problem], samples: list[SampleRow]
) -> list[ScoredRow]:
    """One scored row per sample, in order."""
    verdicts = reward.score([problems[s.problem_id] for s in samples], [s.text for s in samples])
    rows = []
    for sample, raw in zip(samples, verdicts, strict=True):
        verdict = complete(raw, sample.finish_reason)
        rows.append(ScoredRow(**asdict(sample), **asdict(verdict), grader=reward.grader))
    return rows


def _check_faults(rows: list[ScoredRow], allowed: float) -> None:
    faults = [row for row in rows if row.outcome in FAULTS]
    if faults:
        first = faults[0]
        example = f"first: {first.problem_id} sample {first.sample_index}, {first.outcome}: "
        check_faults(len(faults), len(rows), allowed, example + first.detail)
