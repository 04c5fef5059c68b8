"""Engine `ray`: another engine (`sample.ray_engine`: hf or vllm) in many places at once.

The cluster is that of RAY_ADDRESS, else one of this machine's cores or GPUs. Shards go out to
actors, so the completions are those of the other engine alone; the repository must lie at the same
path on every node.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

from restem.core import plugins
from restem.core.cluster import Fleet, Spec
from restem.core.connection import connected
from restem.core.errors import EngineError
from restem.core.params import Machine, Sample
from restem.core.protocols import Engine, Sampling, Shard
from restem.core.records import Completion
from restem.sampling.loading import check_folder

SHARDS_PER_ITEM = {"hf": 1, "vllm": 4}
"""vLLM is best when it never runs empty, hf works on one shard at a time."""
_Item = tuple[tuple[Shard, ...], Sampling]


@contextmanager
def open_engine(model_dir: Path, sample: Sample, machine: Machine) -> Iterator[Engine]:
    """An engine whose actors start with the first shards and end with the context.

    Raises: EngineError if there is no cluster, or no causal language model in the folder.
    """
    check_folder(model_dir)
    started = time.monotonic()
    arguments = (model_dir.resolve(), sample, replace(machine, workers=1))
    spec = Spec("restem.sampling.ray", "serving", arguments)
    with connected(machine), Fleet(spec, machine) as fleet:
        yield _Ray(fleet, SHARDS_PER_ITEM[sample.ray_engine], time.monotonic() - started)


class _Ray:
    """An engine (core/protocols.py)."""

    def __init__(self, fleet: Fleet, shards_per_item: int, start: float) -> None:
        self._fleet, self._shards_per_item, self._start = fleet, shards_per_item, start

    @property
    def timing(self) -> Mapping[str, float]:
        """Actors start side by side: the slowest counts."""
        told = [fact["timing"] for fact in self._fleet.facts]
        slowest = {k: max((t[k] for t in told), default=0.0) for k in ("start", "load")}
        return {"start": self._start + slowest["start"], "load": slowest["load"]}

    def generate(
        self, shards: Iterable[Shard], sampling: Sampling
    ) -> Iterator[tuple[Shard, list[list[Completion]]]]:
        """See Engine. Raises: EngineError."""
        for (group, _), completions in self._fleet.map(self._items(shards, sampling), _name):
            yield from zip(group, completions, strict=True)

    def _items(self, shards: Iterable[Shard], sampling: Sampling) -> Iterator[_Item]:
        rest = iter(shards)
        while group := tuple(islice(rest, self._shards_per_item)):
            yield group, sampling


def _name(item: _Item) -> str:
    return f"shard {item[0][0].name}"


Work = Callable[[_Item], list[list[list[Completion]]]]


@contextmanager
def serving(
    model_dir: Path, sample: Sample, machine: Machine
) -> Iterator[tuple[Work, dict[str, object]]]:
    """Runs in an actor: what it does with an item, and facts. Raises: EngineError."""
    if not model_dir.is_dir():
        raise EngineError(
            f"node {socket.gethostname()} does not see {model_dir}. The repository must lie on a "
            "file system that all nodes share, at the same path."
        )
    module = plugins.load("engine", sample.ray_engine)
    with module.open_engine(model_dir, sample, machine) as engine:

        def work(item: _Item) -> list[list[list[Completion]]]:
            group, sampling = item
            found = {shard.name: texts for shard, texts in engine.generate(group, sampling)}
            return [found[shard.name] for shard in group]

        yield work, {"timing": dict(engine.timing)}
