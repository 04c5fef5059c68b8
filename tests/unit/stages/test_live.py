import json
from pathlib import Path

import pytest

from restem.stages import live


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a training whose MLflow is in a temporary folder."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setattr(live, "LONG_S", 0.0)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path / "checkpoint"


def reach(folder: Path, step: int) -> None:
    """Leave the state of a training at an update; every update is logged."""
    history = [{"step": i, "loss": 4.0 - i / 10, "grad_norm": 1.0} for i in range(1, step + 1)]
    folder.mkdir(exist_ok=True)
    state = {"global_step": step, "log_history": history}
    (folder / "trainer_state.json").write_text(json.dumps(state))


def logged(key: str) -> dict[int, list[float]]:
    """Values of a metric by step, of the one run there is."""
    import mlflow

    client = mlflow.MlflowClient(live.tracking_uri())
    experiment = client.get_experiment_by_name(live.EXPERIMENT)
    [run] = client.search_runs([experiment.experiment_id])
    found: dict[int, list[float]] = {}
    for metric in client.get_metric_history(run.info.run_id, key):
        found.setdefault(metric.step, []).append(metric.value)
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_every_check_brings_the_curve_up_to_date_once(checkpoint: Path) -> None:
    validate = live.watched(lambda _: 0.5, "train 1", "train-1-abc")
    for step in (2, 4):
        reach(checkpoint, step)
        assert validate(checkpoint) == 0.5
    assert logged("train/loss") == {i: [4.0 - i / 10] for i in range(1, 5)}
    assert logged("train/reward") == {2: [0.5], 4: [0.5]}
    again = live.watched(lambda _: 0.75, "train 1", "train-1-abc")  # after a kill
    (checkpoint / "merged").mkdir()
    reach(checkpoint, 5)
    assert again(checkpoint / "merged") == 0.75
    assert logged("train/reward") == {2: [0.5], 4: [0.5], 5: [0.75]}


def test_a_short_training_tells_nothing(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(live, "LONG_S", 600.0)
    assert live.watched(lambda _: 0.5, "train 1", "w")(checkpoint) == 0.5
    assert list(tmp_path.iterdir()) == []


def test_no_mlflow_is_no_reason_to_stop(checkpoint: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert live.watched(lambda _: 0.5, "train 1", "w")(checkpoint) == 0.5  # no state to read
    assert "MLflow is told no more" in caplog.text
