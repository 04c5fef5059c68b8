"""E-step, second part: the verdict on every sample."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from restem.core import layout, plugins, storage
from restem.core.errors import DataError
from restem.core.faults import check_faults
from restem.core.judging import reward_name
from restem.core.params import Params
from restem.core.progress import Progress
from restem.core.protocols import Reward
from restem.core.records import CORRECT, FAULTS, Problem, SampleRow, ScoredRow, complete
from restem.core.scratch import Scratch, scratch
from restem.core.storage import Row
from restem.rewards.work import inputs

log = logging.getLogger(__name__)
ROWS_PER_PART = 2048  # judged together, and held in memory


def run(params: Params, iteration: str | None) -> None:
    """Write data/iterations/K/scored.parquet; finished parts survive a kill.

    Raises: DataError; SandboxError if the verifier itself fails too often.
    """
    assert iteration is not None
    started = time.monotonic()
    problems = {p.problem_id: p for p in storage.read_problems(layout.problems("train"))}
    path = layout.samples(iteration)
    num_samples = _check_samples(path, problems)
    name = reward_name(params.reward, problems.values())
    tally = _Tally()
    with (
        plugins.open_reward(name, params.score, params.machine) as reward,
        scratch(f"score-{iteration}", inputs(params, iteration, reward.grader)) as work,
        Progress(f"score@{iteration}", num_samples, "samples") as bar,
    ):
        parts = []
        for start, samples in _samples(path):
            part, rows = _finish(work, f"{start:09d}", reward, problems, samples)
            parts.append(part)
            tally.add(rows)
            bar.advance(len(rows), f"correct {tally.accuracy:.1%}")
        tally.check_faults(params.score.max_fault_rate)
        merged = (row for part in parts for row in _read(work, part))
        told = {"sample": storage.read_about(path), "score": _adopted(work, parts)}
        about = {stage: made for stage, made in told.items() if made}
        storage.write_rows("scored", layout.scored(iteration), merged, about)
    log.info("score@%s: %s by %s in %.1f s -> %s", iteration, tally, reward.grader,
             time.monotonic() - started, layout.scored(iteration))  # fmt: skip


def judge(
    reward: Reward, problems: Mapping[str, Problem], samples: list[SampleRow]
) -> list[ScoredRow]:
    """One scored row per sample, in order."""
    verdicts = reward.score([problems[s.problem_id] for s in samples], [s.text for s in samples])
    rows = []
    for sample, raw in zip(samples, verdicts, strict=True):
        verdict = complete(raw, sample.finish_reason)
        rows.append(ScoredRow(**asdict(sample), **asdict(verdict), grader=reward.grader))
    return rows


def _adopted(work: Scratch, parts: list[str]) -> list[dict[str, object]]:
    """Which of the parts were judged by earlier code."""
    found = [(one, len(set(parts) & set(one.parts))) for one in work.adopted]
    return [one.told(f"{count} of {len(parts)} parts") for one, count in found if count]


def _check_samples(path: Path, problems: Collection[str]) -> int:
    """How many there are. Raises: DataError for unknown problems and rows out of order."""
    count, last, unknown = 0, ("", -1), set()
    for row in storage.iter_rows("samples", path):
        place = str(row["problem_id"]), int(str(row["sample_index"]))
        if place <= last:
            raise DataError(
                f"{path}: {place[0]} sample {place[1]} comes after {last[0]} sample {last[1]}; "
                "rows must be sorted by problem_id and sample_index, each once. "
                "Delete it and run `dvc repro`."
            )
        if place[0] not in problems:
            unknown.add(place[0])
        count, last = count + 1, place
    if unknown:
        raise DataError(
            f"{path}: {len(unknown)} problems are not in D, the first is {min(unknown)}. "
            "Delete it and run `dvc repro`."
        )
    return count


def _samples(path: Path) -> Iterator[tuple[int, list[SampleRow]]]:
    """Part after part, each with the number of its first row."""
    rows = storage.iter_rows("samples", path)
    start = 0
    while part := [SampleRow(**row) for row in islice(rows, ROWS_PER_PART)]:  # type: ignore[arg-type]  # the schema types them
        yield start, part
        start += len(part)


def _finish(
    work: Scratch,
    part: str,
    reward: Reward,
    problems: Mapping[str, Problem],
    samples: list[SampleRow],
) -> tuple[str, list[Row]]:
    """The scored rows of a part, found or made, and the name that they are stored under.

    A part with faults has a name that no later run looks for, so that it is tried again.
    """
    if work.done(part):
        found = _read(work, part)
        if [row["sample_id"] for row in found] == [sample.sample_id for sample in samples]:
            return part, found  # else one of earlier code, which cut parts elsewhere
    rows = [asdict(row) for row in judge(reward, problems, samples)]
    if any(row["outcome"] in FAULTS for row in rows):
        part += "-faults"
    work.write(part, storage.to_bytes("scored", rows))
    return part, rows


def _read(work: Scratch, part: str) -> list[Row]:
    return storage.from_bytes("scored", work.read(part), str(work.path / part))


class _Tally:
    """Of the rows judged so far."""

    def __init__(self) -> None:
        self._outcomes: Counter[str] = Counter()
        self._first_fault: Row | None = None

    def __str__(self) -> str:
        """ "30 correct, 2 wrong"."""
        return ", ".join(f"{count} {name}" for name, count in self._outcomes.most_common())

    @property
    def accuracy(self) -> float:
        return self._outcomes[CORRECT] / self._outcomes.total()

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._outcomes[str(row["outcome"])] += 1
            if row["outcome"] in FAULTS and self._first_fault is None:
                self._first_fault = row

    def check_faults(self, allowed: float) -> None:
        """Raises: SandboxError."""
        if first := self._first_fault:
            example = "first: {problem_id} sample {sample_index}, {outcome}: {detail}"
            faults = sum(self._outcomes[name] for name in FAULTS)
            check_faults(faults, self._outcomes.total(), allowed, example.format_map(first))
