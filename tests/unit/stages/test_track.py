"""Tracking, through the real MLflow on a SQLite file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from restem.core import layout, params, storage
from restem.core.params import Params
from restem.core.scratch import write_atomically
from restem.core.seeds import digest
from restem.stages import mlflow_store, track

REPO = Path(__file__).parents[3]
TRACK = [sys.executable, "-m", "restem", "track"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run of two iterations with made-up numbers, as files; the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("DVC_EXP_NAME", "puffy-sail")
    (tmp_path / "params.yaml").write_bytes((REPO / "tests/params.yaml").read_bytes())
    for step, name in enumerate(["0", "human", "1", "2"]):
        storage.write_json(layout.evaluation(name), {"test": measured(0.2 + step / 10)})
        if name != "0":
            storage.write_json(layout.training(name), trained(5))
    storage.write_json(layout.SUMMARY, {"best": 2})
    table = "iteration,e_step.accuracy,gap\n0,,\n1,0.25,0.1\n2,0.5,0.2\n"
    layout.ITERATIONS_CSV.write_text(table)
    outs = {"data/problems": "a" * 32 + ".dir", "models/2": "b" * 32 + ".dir"}
    locked = {"stages": {"all": {"outs": [{"path": p, "md5": m} for p, m in outs.items()]}}}
    track.LOCK.write_text(yaml.safe_dump(locked))
    return tmp_path


def measured(value: float) -> dict[str, object]:
    """One set of metrics/iterations/K.json."""
    interval = {"mean": value, "low": value - 0.1, "high": value + 0.1}
    return {
        "pass_at_1": interval,
        "num_problems": 50,
        "outcomes": {"correct": 40, "truncated": 5},
        "mean_tokens": 31.5,
        "pass_at": {"1": interval, "32": interval},
        "maj_at": {"32": interval},
    }


def trained(num_updates: int) -> dict[str, object]:
    """metrics/training/K.json."""
    updates = range(1, num_updates + 1)
    curve = [{"step": s, "epoch": s / 5, "loss": 1 / s, "grad_norm": 0.5, "learning_rate": 1e-4}
             for s in updates]  # fmt: skip
    checks = [{"step": num_updates, "epoch": 1.0, "reward": 0.75}]
    return {"curve": curve, "checks": checks, "best_step": num_updates}


def values(iters: int = 2) -> Params:
    loaded = params.load(Path("params.yaml"))
    loaded.iters = iters
    return loaded


def test_metric_names_are_legal_and_keep_greedy_and_sampled_apart() -> None:
    named = dict(track.evaluation_metrics({"test": measured(0.5)}))
    assert named == {
        "test/pass_at_1": 0.5,
        "test/mean_tokens": 31.5,
        "test/truncated": 0.1,
        "test/pass_at_1_sampled": 0.5,
        "test/pass_at_32": 0.5,
        "test/maj_at_32": 0.5,
    }


def test_the_curve_joins_updates_and_checks_by_step() -> None:
    points = track.curve(trained(2))
    assert points[1] == {"train/loss": 1.0, "train/grad_norm": 0.5, "train/learning_rate": 1e-4}
    assert points[2]["train/reward"] == 0.75


def test_the_key_is_of_the_content_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = track.gather(values()).key
    monkeypatch.setenv("DVC_EXP_NAME", "another-name")
    more_workers = values()
    more_workers.machine.workers = 7
    assert track.gather(more_workers).key == first
    storage.write_json(layout.evaluation("2"), {"test": measured(0.9)})
    assert track.gather(values()).key != first


def test_adopted_work_is_told_by_a_tag_and_is_another_run(project: Path) -> None:
    before = track.gather(values())
    assert "restem.adopted" not in before.tags
    told = {"train@1": "checkpoint-5 adopted, a.py changed since"}
    storage.write_json(layout.SUMMARY, {"best": 2, "adopted": told})
    after = track.gather(values())
    assert after.tags["restem.adopted"] == "train@1: checkpoint-5 adopted, a.py changed since"
    assert after.key != before.key


def test_monitors_of_the_e_step_come_from_the_table(project: Path) -> None:
    found = {p.name: p.metrics.get("e_step/accuracy") for p in track.gather(values()).policies}
    assert found == {"0": None, "human": None, "1": 0.25, "2": 0.5}
    layout.ITERATIONS_CSV.unlink()
    assert track.monitors() == {}


def test_a_skipped_control_is_left_out(project: Path) -> None:
    storage.write_json(layout.evaluation("human"), {"idle": True})
    assert [policy.name for policy in track.gather(values()).policies] == ["0", "1", "2"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_every_iteration_is_recorded_once(project: Path) -> None:
    import mlflow

    track.run(values(), None)
    marker = track.MARKER.read_text()
    track.run(values(), None)
    assert track.MARKER.read_text() == marker

    client = mlflow.MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiment = client.get_experiment_by_name("restem")
    assert experiment is not None
    assert experiment.artifact_location == (project / "mlartifacts").as_uri()
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"puffy-sail", "iteration 0", "human", "iteration 1", "iteration 2"}
    parent = runs["puffy-sail"]
    assert parent.data.tags["restem.key"] == marker.strip()
    assert parent.data.params["method.select"] == values().method.select
    history = client.get_metric_history(parent.info.run_id, "test/pass_at_1")
    assert [(m.step, round(m.value, 3)) for m in history] == [(0, 0.2), (1, 0.4), (2, 0.5)]
    assert parent.data.metrics["human/test/pass_at_1"] == pytest.approx(0.3)
    assert [a.path for a in client.list_artifacts(parent.info.run_id)] == [
        "dvc.lock", "iterations.csv", "params.yaml", "summary.json"]  # fmt: skip
    child = runs["iteration 2"]
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    loss = client.get_metric_history(child.info.run_id, "train/loss")
    assert [m.step for m in loss] == [1, 2, 3, 4, 5]
    models = client.search_logged_models([experiment.experiment_id], "name = 'iteration-2'")
    assert [m.tags["dvc.md5"] for m in models] == ["b" * 32 + ".dir"]
    assert parent.inputs.dataset_inputs[0].dataset.digest == "a" * 32


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_recording_that_was_cut_short_is_made_anew(project: Path) -> None:
    import mlflow

    track.run(values(), None)
    client = mlflow.MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiment = client.get_experiment_by_name("restem")
    assert experiment is not None
    where = [experiment.experiment_id]
    (parent,) = client.search_runs(where, "tags.`restem.key` != ''")
    client.update_run(parent.info.run_id, status="RUNNING")
    track.run(values(), None)
    assert len(client.search_runs(where)) == 5
    assert len(client.search_logged_models(where)) == 4
    (again,) = client.search_runs(where, "tags.`restem.key` != ''")
    assert again.info.run_id != parent.info.run_id


@pytest.mark.slow
def test_two_processes_on_a_new_store_record_one_run_each(project: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    two = project / "copy"
    two.mkdir()
    for name in ("params.yaml", "dvc.lock", "metrics"):
        subprocess.run(["cp", "-r", name, two], check=True)
    storage.write_json(two / layout.evaluation("2"), {"test": measured(0.9)})
    cut = project / "mlflow.db.partial"
    cut.write_bytes(b"by a kill, while it was created")
    running = [
        subprocess.Popen(TRACK, cwd=cwd, env=environment, stderr=subprocess.PIPE, text=True)
        for cwd in (project, two)
    ]
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    keys = [(where / track.MARKER).read_text() for where in (project, two)]
    assert keys[0] != keys[1]
    assert "not recorded" not in "".join(keys), said
    assert all(text.count("\n") == 1 for text in said), said
    assert not cut.exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_a_store_without_its_driver_costs_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for driver in ("psycopg", "psycopg2"):
        monkeypatch.setitem(sys.modules, driver, None)  # where it is installed, too
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://nobody@localhost/nothing")
    track.run(values(), None)
    assert track.MARKER.read_text() == "not recorded\n"
    (said,) = [m for m in caplog.messages if m.startswith("track: ")]
    assert "psycopg" in said


@pytest.mark.slow
def test_a_store_that_fails_costs_one_line_and_nothing_else(project: Path) -> None:
    (project / "mlflow.db").write_text("this is no database\n")
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    done = subprocess.run(TRACK, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("track: not recorded, sqlite:///")
    assert track.MARKER.read_text() == "not recorded\n"
    assert json.loads(layout.SUMMARY.read_text()) == {"best": 2}


def test_what_sampling_cost_is_told_of_the_samples_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert track.cost_metrics("1") == {}
    write_atomically(layout.samples("1"), b"samples")
    cost = {"of": digest(layout.samples("1")), "seconds": {"load": 2.0}, "tokens_per_s": 5.0}
    storage.write_json(layout.sampling("1"), cost)
    assert track.cost_metrics("1") == {"sampling/load_s": 2.0, "sampling/tokens_per_s": 5.0}
    write_atomically(layout.samples("1"), b"others")
    assert track.cost_metrics("1") == {}


def test_what_training_cost_is_told_of_the_training_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    storage.write_json(layout.training("1"), {"num_updates": 3})
    cost = {"seconds": {"update": 2.0}, "tokens_per_s": 5.0, "peak_mb": 600.0, "tokens": 10}
    told = {"of": digest(layout.training("1")), **cost}
    storage.write_json(layout.training_cost("1"), told)
    assert track.cost_metrics("1") == {
        "training/update_s": 2.0, "training/tokens_per_s": 5.0, "training/peak_mb": 600.0,
    }  # fmt: skip
    storage.write_json(layout.training("1"), {"num_updates": 4})
    assert track.cost_metrics("1") == {}


@pytest.mark.parametrize("name", ["my restem", "a%20b", "a?b", "a#b", "ü&é"])
def test_the_own_store_lies_in_the_checkout_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from sqlalchemy.engine import make_url

    monkeypatch.setenv("DVC_ROOT", str(tmp_path / name))
    assert make_url(mlflow_store.own_uri()).database == str(tmp_path / name / "mlflow.db")
