"""E-step, first part: draw N solutions per training problem from the previous policy."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from restem.core import layout, plugins, storage
from restem.core.params import Params
from restem.core.progress import Progress
from restem.core.protocols import Sampling, Shard
from restem.core.records import Completion, SampleRow
from restem.core.scratch import Scratch, code_digest, digest, scratch
from restem.core.seeds import seed_for, stable_hash
from restem.sampling.shards import make_shards

log = logging.getLogger(__name__)

# The code that scratch work depends on; a test compares it with dvc.yaml.
CODE = (
    "core/records.py",
    "core/seeds.py",
    "core/storage.py",
    "sampling",
    "stages/sample.py",
)


def run(params: Params, iteration: str | None) -> None:
    """Write data/iterations/K/samples.parquet; finished shards survive a kill.

    Raises: DataError, EngineError, ResumeError.
    """
    assert iteration is not None
    started = time.monotonic()
    problems = storage.read_problems(layout.problems("train"))
    sampling = Sampling(
        temperature=params.temperature,
        top_k=params.sample.top_k,
        top_p=params.sample.top_p,
        max_new_tokens=params.sample.max_new_tokens,
        seed=seed_for(params.seed, "sample", iteration),
    )
    contract = _contract(params, iteration, sampling)
    shards = make_shards(problems, params.samples_per_problem, params.sample.batch_rows)
    key = {**contract, "code": code_digest(CODE)}
    with scratch(f"sample-{iteration}", key, keep=params.engine != "replay") as work:
        again = params.engine == "replay"  # costs nothing, and must see every recorded problem
        todo = [shard for shard in shards if again or not work.done(shard.name)]
        for shard, completions in _generate(params, iteration, sampling, todo):
            work.write(shard.name, _pack(shard, completions, contract))
        rows = [row for shard in shards for row in _unpack(work, shard, params.samples_per_problem)]
    rows.sort(key=lambda row: (row.problem_id, row.sample_index))
    storage.write_rows("samples", layout.samples(iteration), map(asdict, rows))
    seconds = time.monotonic() - started
    log.info("sample@%s: %d samples of %d problems (%d of %d shards were done) in %.0f s -> %s",
             iteration, len(rows), len(problems), len(shards) - len(todo), len(shards), seconds,
             layout.samples(iteration))  # fmt: skip


def _contract(params: Params, iteration: str, sampling: Sampling) -> dict[str, object]:
    """What a sample was drawn from and how; part of its id and of its scratch folder's name."""
    contract: dict[str, object] = {
        "engine": params.engine,
        "policy": digest(_policy(iteration)),
        "sampling": asdict(sampling),
        "batch_rows": params.sample.batch_rows,
    }
    if params.engine == "replay":
        contract["replay"] = digest(Path(params.sample.replay))
    return contract


def _policy(iteration: str) -> Path:
    return layout.model(str(int(iteration) - 1))


def _generate(
    params: Params, iteration: str, sampling: Sampling, todo: list[Shard]
) -> Iterator[tuple[Shard, list[list[Completion]]]]:
    """Finished shards, under a progress bar."""
    if not todo:
        return
    settings = replace(params.sample, replay=str(Path(params.sample.replay) / iteration))
    module = plugins.load("engine", params.engine)
    total = sum(request.last - request.first for shard in todo for request in shard.requests)
    with (
        module.open_engine(_policy(iteration), settings, params.machine) as engine,
        Progress(f"sample@{iteration}", total, "samples") as bar,
    ):
        for shard, completions in engine.generate(todo, sampling):
            yield shard, completions
            lengths = [c.num_tokens for texts in completions for c in texts]
            bar.advance(len(lengths), f"{sum(lengths) / max(len(lengths), 1):.0f} tokens each")


def _pack(shard: Shard, completions: list[list[Completion]], contract: dict[str, object]) -> bytes:
    rows = [
        SampleRow(
            problem_id=request.problem_id,
            sample_index=index,
            **asdict(completion),
            sample_id=stable_hash(request.problem_id, request.prompt, contract, index)[:24],
        )
        for request, texts in zip(shard.requests, completions, strict=True)
        for index, completion in enumerate(texts, request.first)
    ]
    return storage.to_bytes("samples", map(asdict, rows))


def _unpack(work: Scratch, shard: Shard, num_samples: int) -> list[SampleRow]:
    """Rows of a shard up to N: a shard may hold a few more."""
    stored = storage.from_bytes("samples", work.read(shard.name), str(work.path / shard.name))
    rows = [SampleRow(**row) for row in stored]  # type: ignore[arg-type]  # the schema types them
    return [row for row in rows if row.sample_index < num_samples]
