"""Engine `hf`: sample from a Hugging Face model folder with torch. For CPUs and small models; on a
GPU it also works.

Each worker is one process of one thread (two OpenMP threads in one process share small products
badly). The engine hands out shards; results do not depend on the number of workers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from restem.core.params import Machine, Sample
from restem.core.protocols import Engine, Sampling, Shard
from restem.core.records import Completion
from restem.sampling.decode import Policy, complete_shard
from restem.sampling.loading import check_folder, load_policy, on_gpu
from restem.sampling.pool import Pool


@contextmanager
def open_engine(model_dir: Path, sample: Sample, machine: Machine) -> Iterator[Engine]:
    """An engine for the model in `model_dir`; with one worker it works in this process, else in
    processes of its own that end with the context. Raises: EngineError if the folder holds no
    causal language model."""
    check_folder(model_dir)
    workers = machine.workers or _default_workers()
    if workers == 1:
        started = time.monotonic()
        with torch_threads(1):
            imported = time.monotonic()
            policy = load_policy(model_dir)
            yield _Here(policy, imported - started, time.monotonic() - imported)
        return
    pool = Pool(model_dir, workers)
    try:
        yield pool
    finally:
        pool.close()


class _Here:
    """The engine of one worker."""

    def __init__(self, policy: Policy, start: float, load: float) -> None:
        self._policy = policy
        self.timing: Mapping[str, float] = {"start": start, "load": load}

    def generate(
        self, shards: Iterable[Shard], sampling: Sampling
    ) -> Iterator[tuple[Shard, list[list[Completion]]]]:
        """See Engine."""
        for shard in shards:
            yield shard, complete_shard(self._policy, shard, sampling)


def _default_workers() -> int:
    """One per usable core; one in all where a GPU does the work."""
    return 1 if on_gpu() else len(os.sched_getaffinity(0))


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """torch works with so many threads, and with as many as before afterwards."""
    import torch
    import transformers  # noqa: F401  # belongs to the start, not to the load

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
