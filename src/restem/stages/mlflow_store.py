"""How an experiment is written to MLflow. A part of `track`, not a stage.

Parent run: parameters, metrics with step = iteration, files. Nested run per policy: its training
curve (step = update) and its metrics. Checkpoints are external models that carry DVC's hash, so no
weights are stored twice.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Metric

NAME = "restem"
BATCH = 1000  # most metrics MLflow takes at once


Curve = dict[int, dict[str, float]]
"""Step (updates of the optimizer) to metrics."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is known of one policy."""

    name: str
    """"0", "human", "1", …"""
    metrics: dict[str, float]
    """Of its evaluation, by legal MLflow names."""
    curve: Curve
    """Of its training; empty for the base."""
    model_md5: str
    """DVC's hash of models/NAME, "" where it was never stored."""
    data_md5: str
    """DVC's hash of the solutions it was trained on, "" for the base and the control."""

    @property
    def step(self) -> int:
        """Its place on the axis of iterations; the control stands beside the base."""
        return int(self.name) if self.name.isdigit() else 0


@dataclass(frozen=True, slots=True)
class Experiment:
    """Everything MLflow is told."""

    name: str
    key: str
    """A hash of the content: the same results are the same run."""
    params: dict[str, object]
    policies: list[Policy]
    data_md5: str
    """DVC's hash of data/problems."""
    tags: dict[str, str] = field(default_factory=dict)
    artifacts: tuple[Path, ...] = ()


class TrackingError(Exception):
    """The tracking store does not work; carries one line. Only `track` sees it."""


def main_checkout() -> Path:
    """Where the store lives: DVC_ROOT is the main checkout also inside `dvc exp run --temp`."""
    return Path(os.environ.get("DVC_ROOT", ".")).resolve()


def own_uri() -> str:
    """mlflow.db in the main checkout; a ? of its path would begin a query, a % an escape."""
    return f"sqlite:///{str(own_database()).replace('%', '%25').replace('?', '%3F')}"


def own_database() -> Path:
    return main_checkout() / "mlflow.db"


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, else the own store."""
    return os.environ.get("MLFLOW_TRACKING_URI") or own_uri()


def record(experiment: Experiment) -> tuple[str, bool]:
    """The id of the parent run, and whether it is new. Raises: TrackingError."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # the default waits for minutes
    import mlflow
    import requests
    import sqlalchemy.exc

    mlflow.set_tracking_uri(tracking_uri())
    try:
        with alone():
            return _record(experiment)
    except (mlflow.MlflowException, requests.RequestException, sqlalchemy.exc.SQLAlchemyError,
            OSError, ImportError) as error:  # fmt: skip
        raise TrackingError(" ".join(str(error).split())[:160] + "…") from error


@contextmanager
def alone() -> Iterator[None]:
    """One recorder at a time: two that create one database break it, and looking a key up and
    recording it must not be parted. Makes the own store, if it is wanted and not there."""
    path = main_checkout() / ".dvc" / "tmp" / "mlflow.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if tracking_uri() == own_uri() and not own_database().exists():
            _create(own_database())
        yield


def _create(path: Path) -> None:
    """Create a database beside and rename it: creation takes seconds and is no transaction, and
    MLflow cannot open one that was cut short."""
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    partial = path.with_name(f"{path.name}.partial")
    for old in (partial, path.with_name(f"{partial.name}-journal")):
        old.unlink(missing_ok=True)
    SqlAlchemyStore(f"sqlite:///{partial}", DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH).engine.dispose()
    partial.rename(path)


def _record(experiment: Experiment) -> tuple[str, bool]:
    from mlflow import MlflowClient

    client = MlflowClient()
    where = _experiment_id(client)
    for old in client.search_runs([where], f"tags.`restem.key` = '{experiment.key}'"):
        if old.info.status == "FINISHED":
            client.set_tag(old.info.run_id, "mlflow.runName", experiment.name)
            return old.info.run_id, False
        _delete(client, where, old.info.run_id)  # a recording that was cut short
    return _write(client, where, experiment), True


def _experiment_id(client: MlflowClient) -> str:
    if found := client.get_experiment_by_name(NAME):
        return str(found.experiment_id)
    # Absolute: the default is relative to the process, which may run in a copy that is deleted.
    files = (main_checkout() / "mlartifacts").as_uri()
    location = files if tracking_uri() == own_uri() else None
    return str(client.create_experiment(NAME, artifact_location=location))


def _delete(client: MlflowClient, where: str, parent: str) -> None:
    """A run, its nested runs and their models."""
    children = client.search_runs([where], f"tags.`mlflow.parentRunId` = '{parent}'")
    for run_id in (*(child.info.run_id for child in children), parent):
        for model in client.search_logged_models([where], f"source_run_id = '{run_id}'"):
            client.delete_logged_model(model.model_id)
        client.delete_run(run_id)


def _write(client: MlflowClient, where: str, experiment: Experiment) -> str:
    """The parent run, with its nested runs; it is FINISHED only when everything is there."""
    from mlflow.entities import Param

    tags = {
        **experiment.tags,
        "restem.key": experiment.key,
        "mlflow.source.name": "dvc.yaml",
        "mlflow.note.content": "One step per iteration; `human/…` is the control.",
    }
    parent = str(client.create_run(where, run_name=experiment.name, tags=tags).info.run_id)
    client.log_batch(parent, params=[Param(k, str(v)) for k, v in experiment.params.items()])
    client.log_inputs(parent, _dataset("problems", "data/problems", experiment.data_md5))
    for policy in experiment.policies:
        _write_policy(client, where, parent, policy)
    now = int(time.time() * 1000)
    _log(client, parent, [
        _metric(name if policy.name.isdigit() else f"{policy.name}/{name}", value, now, policy.step)
        for policy in experiment.policies for name, value in policy.metrics.items()
    ])  # fmt: skip
    for path in experiment.artifacts:
        client.log_artifact(parent, str(path))
    client.set_terminated(parent)
    return parent


def _write_policy(client: MlflowClient, where: str, parent: str, policy: Policy) -> None:
    """A nested run: training curve, metrics, and the checkpoint by reference."""
    import mlflow
    from mlflow.entities import LoggedModelOutput

    name = f"iteration {policy.name}" if policy.name.isdigit() else policy.name
    tags = {"mlflow.parentRunId": parent, "restem.iteration": policy.name}
    child = str(client.create_run(where, run_name=name, tags=tags).info.run_id)
    rows = f"data/iterations/{policy.name}/train.parquet"
    client.log_inputs(child, _dataset(f"solutions {policy.name}", rows, policy.data_md5))
    model = mlflow.create_external_model(
        name=name.replace(" ", "-"), source_run_id=child, experiment_id=where,
        params={"iteration": policy.name},
        tags={"dvc.path": f"models/{policy.name}", "dvc.md5": policy.model_md5},
    )  # fmt: skip
    client.log_outputs(child, [LoggedModelOutput(model.model_id, policy.step)])
    now = int(time.time() * 1000)
    _log(client, child, [
        _metric(metric, value, now, step)
        for step, values in sorted(policy.curve.items()) for metric, value in values.items()
    ])  # fmt: skip
    _log(client, child, [
        _metric(metric, value, now, policy.step, model.model_id)
        for metric, value in policy.metrics.items()
    ])  # fmt: skip
    client.set_terminated(child)


def _metric(name: str, value: float, now: int, step: int, model_id: str | None = None) -> Metric:
    from mlflow.entities import Metric

    return Metric(name, value, now, step, model_id=model_id)


def _log(client: MlflowClient, run_id: str, metrics: Sequence[Metric]) -> None:
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH])


def _dataset(name: str, path: str, md5: str) -> list[DatasetInput]:
    """A dataset by DVC's hash; nothing where DVC has none."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    if not md5:
        return []
    source = json.dumps({"path": path, "md5": md5})
    data = Dataset(name=name, digest=md5[:32], source_type="dvc", source=source)  # 36 is the most
    return [DatasetInput(data, [InputTag("mlflow.data.context", "training")])]
