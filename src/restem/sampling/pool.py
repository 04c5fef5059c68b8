"""Worker processes of engine `hf`: one thread each, one shard at a time, over a pipe each.

A worker that dies is noticed by the end of its pipe. Workers watch their parent: none outlives it,
even if it is killed.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from restem.core.errors import EngineError
from restem.core.protocols import Sampling, Shard
from restem.core.records import Completion

Answer = list[list[Completion]] | EngineError


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    shard: Shard | None = None
    """What it is working on."""


class Pool:
    """An engine (core/protocols.py) that hands shards to worker processes."""

    def __init__(self, model_dir: Path, size: int) -> None:
        """size: most workers; they start when there is work for them."""
        self._model_dir, self._size = model_dir, size
        self._workers: list[_Worker] = []
        self.timing: Mapping[str, float] = {"start": 0.0, "load": 0.0}

    def generate(
        self, shards: Iterable[Shard], sampling: Sampling
    ) -> Iterator[tuple[Shard, list[list[Completion]]]]:
        """See Engine. Raises: EngineError naming the shard when a worker dies."""
        todo = iter(shards)
        try:
            for shard in itertools.islice(todo, self._size):
                _hand_out(self._idle_worker(), shard, sampling)
            while busy := {w.pipe: w for w in self._workers if w.shard}:
                for pipe in wait(list(busy)):
                    worker = busy[pipe]  # type: ignore[index]  # only pipes were handed in
                    done = self._collect(worker)
                    if more := next(todo, None):
                        _hand_out(worker, more, sampling)
                    yield done
        finally:
            if any(w.shard for w in self._workers):  # given up half-way: nobody wants these answers
                self.close()

    def _idle_worker(self) -> _Worker:
        """One without a shard; a new one where there is none."""
        for worker in self._workers:
            if worker.shard is None:
                return worker
        self._workers.append(_start(self._model_dir))
        return self._workers[-1]

    def _collect(self, worker: _Worker) -> tuple[Shard, list[list[Completion]]]:
        try:
            answer, timing = worker.pipe.recv()
        except (EOFError, OSError) as error:
            raise _death(worker) from error
        self.timing = {key: max(self.timing[key], timing[key]) for key in timing}  # side by side
        if isinstance(answer, EngineError):
            raise answer
        assert worker.shard is not None
        shard, worker.shard = worker.shard, None
        return shard, answer

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers = []


def _start(model_dir: Path) -> _Worker:
    """Ctrl-C is for the parent only: the signal is blocked in a child from its first instruction
    on."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(model_dir, theirs, time.time()), daemon=True)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()
    return _Worker(process, ours)


def _hand_out(worker: _Worker, shard: Shard, sampling: Sampling) -> None:
    worker.shard = shard
    try:
        worker.pipe.send((shard, sampling))
    except OSError as error:
        raise _death(worker) from error


def _death(worker: _Worker) -> EngineError:
    worker.process.join()
    code = worker.process.exitcode or 0
    cause = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    name = worker.shard.name if worker.shard else "none"
    return EngineError(
        f"a worker died at shard {name}: {cause}. "
        "If memory ran out, lower machine.workers; or sample.batch_rows, which draws all anew."
    )


def _work(model_dir: Path, pipe: Connection, started: float) -> None:
    """Body of a worker: answer shards until the pipe ends. What is no EngineError is a bug and ends
    it with a traceback. started: seconds since the epoch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()
    import torch
    import transformers  # noqa: F401  # belongs to the start, not to the load

    from restem.sampling.decode import complete_shard
    from restem.sampling.loading import load_policy

    torch.set_num_threads(1)
    policy, timing = None, {"start": time.time() - started, "load": 0.0}
    while True:
        try:
            shard, sampling = pipe.recv()
        except EOFError:
            return
        answer: Answer
        try:
            if policy is None:
                loading = time.monotonic()
                policy = load_policy(model_dir)
                timing["load"] = time.monotonic() - loading
            answer = complete_shard(policy, shard, sampling)
        except EngineError as error:
            answer = error
        pipe.send((answer, timing))


def _follow_parent() -> None:
    """End this process when its parent is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
