"""What an iteration beyond `iters` leaves behind: each output of its stages says `idle`.

dvc.yaml has five iterations whatever `iters` is, and DVC wants every output of a stage that ran.
Not a stage itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from restem.core import layout
from restem.core.scratch import write_atomically

MARK = b"idle\n"

OUTPUTS: dict[str, tuple[Callable[[str], Path], ...]] = {
    "sample": (layout.samples,),
    "score": (layout.scored,),
    "filter": (layout.train_rows,),
    "train": (layout.model, layout.training),
    "eval": (layout.evaluation, layout.eval_rows),
}
"""Paths of each stage of the loop, by iteration; those without a suffix are folders."""


def applies(stage: str) -> bool:
    """Whether the stage belongs to the loop."""
    return stage in OUTPUTS


def write(stage: str, iteration: str) -> None:
    """Mark every output of the stage as idle. Raises: ResumeError when the disk is full."""
    for output in OUTPUTS[stage]:
        path = output(iteration)
        write_atomically(path if path.suffix else path / "idle", MARK)
