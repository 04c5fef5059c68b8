"""Checkpoints that survive a kill: `checkpoint-STEP` folders with two markers.

A checkpoint is a Hugging Face model folder with what Trainer needs to go on (optimizer, schedule,
random state, curve). It is trained once all of that is on disk, and complete once its reward on
D_val is known: the second marker carries every check so far, so that the newest complete checkpoint
alone says how training stands. What was killed, or failed, between the two only measures again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from restem.core import storage
from restem.core.errors import ResumeError
from restem.core.params import Train
from restem.training.checks import Check, best, should_stop

TRAINED, COMPLETE = "trained.json", "complete.json"
STATE = "trainer_state.json"  # Trainer's


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A complete one."""

    work_dir: Path
    checks: list[Check]
    facts: dict[str, int]
    """See `Plan.facts`."""

    @property
    def step(self) -> int:
        return self.checks[-1].step

    @property
    def path(self) -> Path:
        return folder(self.work_dir, self.step)

    @property
    def best(self) -> Path:
        """The folder of the best checkpoint so far."""
        return folder(self.work_dir, best(self.checks).step)

    def is_over(self, train: Train) -> bool:
        """Whether there is nothing left to do."""
        return self.step == self.facts["num_updates"] or should_stop(self.checks, train)

    def history(self) -> list[dict[str, float]]:
        """What Trainer logged up to here, from the first update on."""
        entries: list[dict[str, float]] = state(self.path)["log_history"]
        return entries


def folder(work_dir: Path, step: int) -> Path:
    return work_dir / f"checkpoint-{step}"


def state(path: Path) -> dict[str, Any]:
    """What Trainer wrote of its state in a checkpoint."""
    found: dict[str, Any] = json.loads((path / STATE).read_text("utf-8"))
    return found


def trained(work_dir: Path, key: str, step: int, facts: Mapping[str, int]) -> None:
    """Declare that everything of a checkpoint is there. Raises: ResumeError when the disk is
    full."""
    path = folder(work_dir, step)
    for file in path.rglob("*"):
        _sync(file)
    storage.write_json(path / TRAINED, {"job": key, "facts": dict(facts)})
    _sync(path)


def unchecked(work_dir: Path, key: str) -> tuple[int, dict[str, int]] | None:
    """Updates and facts of the trained checkpoint that is not complete. Raises: ResumeError."""
    for path in work_dir.glob(f"checkpoint-*/{TRAINED}"):
        if not path.with_name(COMPLETE).exists():
            return int(path.parent.name.rpartition("-")[2]), _marker(path, key)["facts"]
    return None


def complete(work_dir: Path, key: str, checks: Sequence[Check], facts: Mapping[str, int]) -> None:
    """Declare the checkpoint of the last check complete; then drop all but it and the best.

    Raises: ResumeError when the disk is full.
    """
    done = folder(work_dir, checks[-1].step)
    for file in done.rglob("*"):  # an adapter is merged while D_val is answered
        _sync(file)
    marker = {"job": key, "checks": [asdict(check) for check in checks], "facts": dict(facts)}
    storage.write_json(done / COMPLETE, marker)
    _sync(done)
    kept = {done, folder(work_dir, best(checks).step)}
    for old in work_dir.glob("checkpoint-*"):
        if old not in kept:
            shutil.rmtree(old)


def last(work_dir: Path, key: str, tidy: bool = True) -> Checkpoint | None:
    """The newest complete checkpoint; half-written ones are deleted if `tidy`.

    Raises: ResumeError if it is of another job (`key`).
    """
    found: Checkpoint | None = None
    for path in work_dir.glob("checkpoint-*"):
        if not (path / COMPLETE).exists():
            if tidy and not (path / TRAINED).exists():
                shutil.rmtree(path)
            continue
        marker = _marker(path / COMPLETE, key)
        checks = [Check(**check) for check in marker["checks"]]
        checkpoint = Checkpoint(work_dir, checks, marker["facts"])
        if found is None or checkpoint.step > found.step:
            found = checkpoint
    return found


def _marker(path: Path, key: str) -> dict[str, Any]:
    """Raises: ResumeError if it is of another job."""
    marker: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if marker["job"] != key:
        raise ResumeError(
            f"{path.parent} is of a training with other rows, settings or another model, or with "
            "DeepSpeed in another number of processes. Go back to those, or delete "
            f"{path.parent.parent} to start anew."
        )
    return marker


def _sync(path: Path) -> None:
    """On disk, so that a marker never outlives what it vouches for in a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
