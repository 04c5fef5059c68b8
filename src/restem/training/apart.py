"""A training in processes of its own: they start at a checkpoint, end at the next check, and all
their memory is free again while D_val is measured. Going on after a kill is the same start.

Processes here are started by torchrun; those of a cluster by Ray Train. They leave their errors in
files, since their output has many voices.
"""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from restem.core import disk, errors
from restem.core.errors import EngineError, RestemError
from restem.core.orphans import PARENT
from restem.training import checkpoints
from restem.training.job import Job
from restem.training.leg import LEG, LOOK_S, PROGRESS
from restem.training.meter import Meter

OUTPUT = "processes.log"
PATIENCE_S = 30.0  # with processes that are told to end
LEAST_FREE = 10**6  # bytes: with less on the disk, that is what went wrong

OnStep = Callable[[int, int, str], None]


def train_to_next_check(job: Job, on_step: OnStep, meter: Meter) -> None:
    """Leave one more trained checkpoint in `job.work_dir`. Raises: EngineError, ResumeError."""
    job.work_dir.mkdir(parents=True, exist_ok=True)
    for file in (*job.work_dir.glob("error-*.json"), job.work_dir / LEG):
        file.unlink(missing_ok=True)
    job.save()
    tell = _teller(job.work_dir, on_step)
    with meter.phase("start"):
        if job.train.cluster == "ray":
            from restem.training import on_ray

            failure = on_ray.run(job, tell)
        else:
            failure = _run_here(job, tell)
        leg = _read(job.work_dir / LEG)
        if failure or not leg:
            raise _error(job, failure)
        meter.add(leg["meter"])
    checkpoints.trained(job.work_dir, job.key, leg["step"], leg["facts"])


def _run_here(job: Job, tell: Callable[[], None]) -> str:
    """torchrun to its end; why it failed, "" if it did not."""
    command = [
        sys.executable, "-m", "restem.training.launch", "--standalone",
        f"--nproc-per-node={job.processes}", "-m", "restem.training.leg", str(job.work_dir),
    ]  # fmt: skip
    source = str(Path(__file__).parents[2])
    path = os.pathsep.join(p for p in (source, os.environ.get("PYTHONPATH", "")) if p)
    environment = {**os.environ, "PYTHONPATH": path, **_threads(job), PARENT: str(os.getpid())}
    with (job.work_dir / OUTPUT).open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
        try:
            code = None
            while code is None:
                with suppress(subprocess.TimeoutExpired):
                    code = process.wait(LOOK_S)
                tell()
        except BaseException:  # Ctrl-C above all
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    return _cause(job.work_dir / OUTPUT, code) if code else ""


def _threads(job: Job) -> dict[str, str]:
    """Beside a GPU a process may use its share of the cores; on a CPU one, see `one_thread`."""
    import torch

    cores = len(os.sched_getaffinity(0)) if torch.cuda.is_available() else 1
    return {"OMP_NUM_THREADS": str(max(1, cores // job.processes))}


def _cause(output: Path, code: int) -> str:
    """What killed one of them (the others then miss it), else the first error one names."""
    text = output.read_text("utf-8", "replace")
    for pattern in (r"Signal \d+ \(SIG(?!TERM)\w+\)", r"^[\w.]*(?:Error|Exception): \S.*"):
        if said := re.search(pattern, text, re.M):
            return said[0][:200].rstrip(".")
    return f"exit code {code}"


def _error(job: Job, failure: str) -> RestemError:
    """What a process has left, else what can be told from outside."""
    for file in sorted(job.work_dir.glob("error-*.json")):
        if told := _read(file):
            error = getattr(errors, told["kind"])(told["text"])
            assert isinstance(error, RestemError)
            return error
    if disk.free(job.work_dir) < LEAST_FREE:  # then nothing could be left
        return disk.unwritable(job.work_dir, OSError(errno.ENOSPC, failure))
    return EngineError(
        f"a training process ended: {failure or 'without a result'}. What it wrote is in "
        f"{job.work_dir / OUTPUT}. Run again: it goes on from the last checkpoint. If memory ran "
        "out, train.accumulate, deepspeed and gradient_checkpointing save some, and start it anew."
    )


def _teller(work_dir: Path, on_step: OnStep) -> Callable[[], None]:
    """Passes on what the first process has said of its progress since the last call."""
    last = None
    (work_dir / PROGRESS).unlink(missing_ok=True)

    def tell() -> None:
        nonlocal last
        told = _read(work_dir / PROGRESS)
        if told and told != last:
            last = told
            on_step(told["done"], told["total"], told["live"])

    return tell


def _read(path: Path) -> dict[str, Any] | None:
    """A JSON object, None if there is none or it is being written."""
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None
