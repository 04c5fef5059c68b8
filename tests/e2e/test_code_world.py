"""The second embedded world through the whole pipeline, its programs in the real sandbox."""

import json
import random
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from pipeline import OUTPUTS, Repo, copy, fresh

pytestmark = pytest.mark.slow
SCORED = "data/iterations/1/scored.parquet"


@pytest.fixture(scope="module")
def finished_code(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """A finished smoke run of `task: code`, every other value as in the preset."""
    repo = fresh(tmp_path_factory.mktemp("code") / "repo", "preset=smoke", "task=code")
    repo.dvc("repro")
    return repo


def test_task_code_alone_runs_the_loop(finished_code: Repo) -> None:
    repo = finished_code
    before = repo.bytes(*OUTPUTS)
    rows = pq.read_table(repo.path / SCORED).to_pylist()
    outcomes = Counter(row["outcome"] for row in rows)
    assert len(rows) == 96 * 8
    assert all(row["grader"].startswith("code-") for row in rows)
    assert not {"error", "timeout"} & outcomes.keys(), "the sandbox itself failed"
    assert len(outcomes) > 1, f"the sandbox tells nothing apart: {outcomes}"
    prepared = json.loads((repo.path / "data/problems/prepared.json").read_text())
    assert prepared["reward"] == "code"
    assert not any(prepared["quarantined"].values())
    evaluated = json.loads((repo.path / "metrics/iterations/1.json").read_text())
    assert evaluated["functions"]["num_faults"] == 0
    audit = json.loads((repo.path / "metrics/audit.json").read_text())
    assert audit["probe"]["all"]["accepted"] == 0, "wrong programs pass"
    assert not repo.dvc("repro").stages
    assert repo.bytes(*OUTPUTS) == before


def forget(repo: Repo) -> None:
    """As if `score` had never run: no output, no unfinished work."""
    (repo.path / SCORED).unlink()
    for folder in (repo.path / ".dvc/tmp/restem").glob("score-1-*"):
        shutil.rmtree(folder)


def zygotes(stage: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """The sandboxes of a stage."""
    try:
        return psutil.Process(stage.pid).children()
    except psutil.NoSuchProcess:
        return []


def test_score_with_its_sandboxes_and_itself_killed_ends_in_the_same_bytes(
    finished_code: Repo, tmp_path: Path
) -> None:
    repo = copy(finished_code, tmp_path / "repo")
    scored = repo.path / SCORED
    expected, rng = scored.read_bytes(), random.Random("zygotes")
    words = ("env", "PYTHONPATH=src", "python", "-m", "restem", "score", "1")

    forget(repo)
    stage = repo.start(*words)
    killed = 0
    while stage.poll() is None:
        time.sleep(rng.uniform(0.4, 0.8))
        for process in zygotes(stage)[:1] if killed < 6 else []:
            process.kill()
            killed += 1
    assert killed, "no sandbox was killed: the test says nothing"
    assert stage.returncode == 0
    assert scored.read_bytes() == expected

    forget(repo)
    stage = repo.start(*words)
    while not zygotes(stage):
        assert stage.poll() is None
        time.sleep(0.05)
    time.sleep(rng.uniform(0.2, 1.0))
    below = zygotes(stage)
    stage.kill()
    stage.wait()
    _, alive = psutil.wait_procs(below, timeout=120)
    assert not alive, "sandboxes outlive their stage"
    assert not scored.exists()
    repo.restem("score", "1")
    assert scored.read_bytes() == expected
