"""One of several training processes: `python -m restem.training.leg WORK_DIR`, under torchrun.

It reads the job, goes on from the last complete checkpoint, and ends at the next check of D_val.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from restem.core import storage
from restem.core.errors import RestemError
from restem.core.orphans import end_with_parent
from restem.training import checkpoints
from restem.training.dataset import encode
from restem.training.fit import fit, no_bars, one_thread
from restem.training.job import Job, read_job
from restem.training.meter import Meter
from restem.training.model import load_tokenizer

LEG = "leg.json"  # the last thing the first process writes
PROGRESS = "progress.json"
LOOK_S = 0.5  # between two looks at the progress


def run_leg(work_dir: Path, rank: int) -> None:
    """Raises: RestemError, which is also left in a file."""
    try:
        with one_thread(), no_bars():
            _run(read_job(work_dir), rank)
    except RestemError as error:
        left = {"kind": type(error).__name__, "text": str(error)}
        storage.write_json(work_dir / f"error-{rank}.json", left)
        raise


def _run(job: Job, rank: int) -> None:
    config, tokenizer = load_tokenizer(job.init_dir)
    examples, _ = encode(job.rows, tokenizer, job.max_length(config))
    done, meter = checkpoints.last(job.work_dir, job.key, tidy=False), Meter()
    on_step = _telling(job.work_dir) if rank == 0 else _silent
    plan = fit(job, examples, tokenizer, done, None, on_step, meter, rank, job.processes)
    if rank == 0:
        step = next(step for step in sorted(plan.check_at) if step > (done.step if done else 0))
        told = {"step": step, "facts": plan.facts(), "meter": meter.plain()}
        storage.write_json(job.work_dir / LEG, told)


def _telling(work_dir: Path) -> Callable[[int, int, str], None]:
    """Writes progress for the stage to see, some times a second."""
    last = 0.0

    def tell(done: int, total: int, live: str) -> None:
        nonlocal last
        if time.monotonic() - last > LOOK_S:
            last = time.monotonic()
            text = json.dumps({"done": done, "total": total, "live": live})
            with suppress(OSError):
                (work_dir / PROGRESS).write_text(text)

    return tell


def _silent(done: int, total: int, live: str) -> None:
    pass


def main(work_dir: Path) -> NoReturn:
    """Leave at once in the end: threads of gloo and Arrow abort Python while it tidies up."""
    import torch

    code = 1
    try:
        run_leg(work_dir, int(os.environ["RANK"]))
        if torch.distributed.is_initialized():
            torch.distributed.barrier()
        code = 0
    except BaseException:  # noqa: BLE001  # whatever it is, the others must not wait for this one
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    end_with_parent()
    main(Path(sys.argv[1]))
