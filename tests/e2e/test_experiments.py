"""Sweeps, queues, copies, remotes: every way DVC users run an experiment."""

from pathlib import Path

import pytest
from pipeline import Ran, Repo, copy
from queueing import run_queue, working_in

pytestmark = pytest.mark.slow


def test_temp_runs_in_a_copy_and_apply_brings_the_result(
    experiments: tuple[Repo, dict[str, Ran]], tmp_path: Path
) -> None:
    repo = copy(experiments[0], tmp_path / "repo")
    kept = "data/iterations/1/train.parquet"
    before = repo.bytes(kept)
    repo.dvc("exp", "apply", "capped")
    assert repo.bytes(kept) != before
    assert "cap: 1 " in (repo.path / "params.yaml").read_text()
    assert not repo.dvc("repro").active - {"report", "track"}


def test_a_queue_trains_with_two_workers_at_a_time(finished: Repo) -> None:
    repo = finished
    repo.dvc("exp", "run", "--queue", "-S", "cap=1,2")
    status = run_queue(repo, jobs=2)
    assert status.count("Success") == 2, status
    assert not working_in(repo.path), "no worker is left"
    shown = repo.run("dvc", "exp", "show", "--csv", "--drop", r"data/.*|models/.*|src/.*")
    assert len([line for line in shown.splitlines() if line]) >= 4


def test_push_clone_and_pull_leave_no_work_to_do(finished: Repo, tmp_path: Path) -> None:
    repo = finished
    repo.run("dvc", "remote", "add", "-d", "store", str(tmp_path / "store"))
    repo.commit("remote")
    repo.run("dvc", "push", "-q")
    clone = Repo(tmp_path / "clone")
    repo.run("git", "clone", "-q", str(repo.path), str(clone.path))
    clone.run("dvc", "pull", "-q", "--allow-missing")
    assert clone.bytes("models/1/*", "data/iterations/1/*") == repo.bytes(
        "models/1/*", "data/iterations/1/*"
    )
    assert clone.dvc("repro").stages == ["inputs", "track"]
    assert clone.run("git", "status", "--porcelain") == "", "the same inputs give the same dvc.lock"
