"""Problems of every split, rendered as prompts, checked to be disjoint."""

from __future__ import annotations

import logging

from restem.core import layout, plugins, storage
from restem.core.errors import ParamsError
from restem.core.params import Params
from restem.method.decontamination import check_disjoint

log = logging.getLogger(__name__)


def run(params: Params, iteration: str | None) -> None:
    """Write data/problems/SPLIT.parquet. Raises: DataError, ParamsError."""
    task = plugins.load("task", params.task)
    if params.reward not in task.REWARDS:
        raise ParamsError(
            f"reward {params.reward!r} cannot judge task {params.task!r} (params.yaml); "
            f"it takes {', '.join(task.REWARDS)}"
        )
    splits = task.problems(params.data)
    check_disjoint(splits)
    for old in layout.PROBLEMS.glob("*.parquet"):
        old.unlink()
    for split, problems in splits.items():
        ordered = sorted(problems, key=lambda problem: problem.problem_id)
        storage.write_problems(layout.problems(split), ordered)
    counts = ", ".join(f"{len(problems)} {split}" for split, problems in splits.items())
    log.info("prepare: %s %s: %s -> %s", params.task, task.VERSION, counts, layout.PROBLEMS)
