"""A long training seen in MLflow while it runs, in an experiment of its own.

`track` records the whole experiment from its files in the end; this is for the hours before. The
points of the curve arrive with every check of D_val. Nothing here may stop a training.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from restem.stages.mlflow_store import alone, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)
EXPERIMENT = "restem-live"
LONG_S = 600.0  # shorter trainings are over before anybody looks
BATCH = 1000  # most metrics MLflow takes at once
NAMES = ("loss", "grad_norm", "learning_rate")


def watched(validate: Callable[[Path], float], name: str, work: str) -> Callable[[Path], float]:
    """`validate`, which also tells MLflow once the training is long. `work` names the training: it
    is the same run after a resume."""
    started, silent = time.monotonic(), False

    def validate_and_tell(model_dir: Path) -> float:
        nonlocal silent
        reward = validate(model_dir)
        if time.monotonic() - started >= LONG_S and not silent:
            try:
                with alone():
                    _tell(model_dir, reward, name, work)
            except Exception as error:  # noqa: BLE001  # a tracking server may be away in many ways
                silent = True  # a server that does not answer costs time at every try
                log.warning("MLflow is told no more how training stands: %s", str(error)[:200])
        return reward

    return validate_and_tell


def _tell(model_dir: Path, reward: float, name: str, work: str) -> None:
    """Log what the run does not have yet."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # the defaults wait for minutes
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    import mlflow
    from mlflow.entities import Metric

    folder = next(p for p in (model_dir, *model_dir.parents) if (p / "trainer_state.json").exists())
    state = json.loads((folder / "trainer_state.json").read_text("utf-8"))
    client = mlflow.MlflowClient(tracking_uri())
    run = _run(client, name, work)
    told = client.get_metric_history(run, "train/reward")
    last = max((metric.step for metric in told), default=-1)
    now, step = int(time.time() * 1000), int(state["global_step"])
    points = [
        Metric(f"train/{key}", float(entry[key]), now, int(entry["step"]))
        for entry in state["log_history"]
        for key in NAMES
        if key in entry and entry["step"] > last
    ]
    points.append(Metric("train/reward", reward, now, step))
    for first in range(0, len(points), BATCH):
        client.log_batch(run, points[first : first + BATCH])


def _run(client: MlflowClient, name: str, work: str) -> str:
    """The id of this training's run."""
    found = client.get_experiment_by_name(EXPERIMENT)
    where = found.experiment_id if found else client.create_experiment(EXPERIMENT)
    runs = client.search_runs([where], f"tags.`restem.work` = '{work}'")
    if runs:
        return str(runs[0].info.run_id)
    return str(client.create_run(where, run_name=name, tags={"restem.work": work}).info.run_id)
