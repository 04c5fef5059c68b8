"""E-step, first part: draw N solutions per training problem from the previous policy."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from restem.core import layout, plugins, storage
from restem.core.faults import check_faults
from restem.core.judging import reward_name
from restem.core.params import Params
from restem.core.protocols import Reward, Shard
from restem.core.records import FAULTS, Problem, SampleRow, Verdict, complete
from restem.core.seeds import digest
from restem.sampling.budget import rounds_until
from restem.sampling.drawing import Drawing, open_drawing
from restem.sampling.shards import chunk_shards, chunk_size
from restem.sampling.store import Round, Store

log = logging.getLogger(__name__)


def run(params: Params, iteration: str | None) -> None:
    """Write data/iterations/K/samples.parquet, and beside the outputs metrics/sampling/K.json;
    finished shards survive a kill.

    Raises: DataError, EngineError, ParamsError, ResumeError; SandboxError where verdicts decide how
    much is drawn and the verifier fails too often.
    """
    assert iteration is not None
    started = time.monotonic()
    problems = sorted(storage.read_problems(layout.problems("train")), key=lambda p: p.problem_id)
    counts = _Counts()
    with open_drawing(params, iteration) as drawing:
        rounds = _draw(params, iteration, problems, drawing)
        rows = drawing.store.merged(rounds, params.sample.batch_rows, params.samples_per_problem)
        about = drawing.store.adopted(rounds, params.sample.batch_rows, params.samples_per_problem)
        path = layout.samples(iteration)
        storage.write_rows("samples", path, map(counts.pass_on, rows), about)
        seconds = time.monotonic() - started
        storage.write_json(
            layout.sampling(iteration), _metrics(iteration, counts, drawing, seconds)
        )
    log.info("sample@%s: %d samples of %d problems (%d of %d shards were done) in %.0f s -> %s",
             iteration, counts.samples, len(problems), drawing.num_kept,
             drawing.num_kept + drawing.num_drawn, seconds, layout.samples(iteration))  # fmt: skip


def _draw(params: Params, iteration: str, problems: list[Problem], drawing: Drawing) -> list[Round]:
    """Complete the store; the rounds that samples.parquet is made of."""
    most, rows = params.samples_per_problem, params.sample.batch_rows

    def draw(*rounds: Round) -> Iterator[Shard]:
        return drawing.draw(
            f"sample@{iteration}",
            lambda: (shard for one in rounds for shard in chunk_shards(*one, rows, most)),
        )

    if not params.sample.stop_after_correct:
        rounds: list[Round] = [(problems, first) for first in range(0, most, chunk_size(most))]
        for _ in draw(*rounds):
            pass
        return rounds
    with _judging(params, problems, drawing.store) as judge:
        return rounds_until(
            problems, most, params.sample.stop_after_correct, lambda one: draw(one), judge
        )


class _Judge:
    """Says which samples of a shard are correct, and counts the verifier's faults."""

    def __init__(self, reward: Reward, problems: list[Problem], store: Store) -> None:
        self._reward, self._store = reward, store
        self._problems = {p.problem_id: p for p in problems}
        self.judged = 0
        self.faults: list[Verdict] = []

    def __call__(self, shard: Shard) -> list[SampleRow]:
        rows = self._store.rows(shard)
        verdicts = self._reward.score(
            [self._problems[row.problem_id] for row in rows], [row.text for row in rows]
        )
        self.judged += len(rows)
        self.faults += [verdict for verdict in verdicts if verdict.outcome in FAULTS]
        ended = [complete(v, row.finish_reason) for v, row in zip(verdicts, rows, strict=True)]
        return [row for row, verdict in zip(rows, ended, strict=True) if verdict.reward > 0]


@contextmanager
def _judging(params: Params, problems: list[Problem], store: Store) -> Iterator[_Judge]:
    """A judge, whose faults are looked at in the end."""
    name = reward_name(params.reward, problems)
    with plugins.open_reward(name, params.score, params.machine) as reward:
        judge = _Judge(reward, problems, store)
        yield judge
    if judge.faults:
        first = judge.faults[0]
        example = f"while sampling, first {first.outcome}: {first.detail}"
        check_faults(len(judge.faults), judge.judged, params.score.max_fault_rate, example)


class _Counts:
    """Of the rows on their way to the file."""

    def __init__(self) -> None:
        self.samples = self.tokens = 0

    def pass_on(self, row: SampleRow) -> dict[str, object]:
        self.samples += 1
        self.tokens += row.num_tokens
        return asdict(row)


def _metrics(
    iteration: str, counts: _Counts, drawing: Drawing, seconds: float
) -> dict[str, object]:
    """What the E-step cost, seconds of wall time. No output of the stage: another run of the same
    inputs takes other seconds. `of` says which samples it speaks of."""
    parts = drawing.seconds
    rest = max(0.0, seconds - sum(parts.values()))
    rate = drawing.num_tokens / parts["generate"] if parts["generate"] else None
    return {
        "of": digest(layout.samples(iteration)),
        "samples": counts.samples,
        "tokens": counts.tokens,
        "shards": {"drawn": drawing.num_drawn, "kept": drawing.num_kept},
        "seconds": {name: round(value, 3) for name, value in {**parts, "rest": rest}.items()},
        "tokens_per_s": rate and round(rate, 1),
    }
