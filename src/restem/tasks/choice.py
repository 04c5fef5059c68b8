"""What params.yaml asks of tasks: the transfer sets beside the task, and a reward that fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

from restem.core import plugins
from restem.core.errors import DataError, ParamsError
from restem.core.params import Data


def check_reward(name: str, task: ModuleType, reward: str) -> None:
    """Raises: ParamsError if a reward cannot judge a task."""
    if reward not in task.REWARDS:
        raise ParamsError(
            f"reward {reward!r} cannot judge task {name!r} (params.yaml); "
            f"it takes {', '.join(task.REWARDS)}"
        )


def transfer_sets(data: Data) -> dict[str, Data]:
    """For each folder `transfer/TASK` in `data.path`, what to ask that task for.

    Raises: DataError for a folder that no task with a test set is named after.
    """
    root = Path(data.path) / "transfer"
    folders = sorted(path for path in root.glob("*") if path.is_dir() and data.transfer_problems)
    for path in folders:
        known = plugins.names("task")
        if path.name not in known or not hasattr(plugins.load("task", path.name), "held_out"):
            raise DataError(
                f"{path}: no task of that name has a test set. Name the folder after one of "
                f"{', '.join(known)}, or move it out of {root}."
            )
    size = data.transfer_problems
    return {path.name: replace(data, path=str(path), test_problems=size) for path in folders}
