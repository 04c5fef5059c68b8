"""Work of earlier code: a stage starts anew and says why, or goes on when the user has said so."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pipeline import Repo, environment

pytestmark = pytest.mark.slow
TRAIN = (sys.executable, "-m", "restem", "train", "1")
MODEL, FACTS, COST = "models/1/*", "metrics/training/1.json", "metrics/training_cost/1.json"
CHECKPOINTS, DECODE = "src/restem/training/checkpoints.py", "src/restem/sampling/decode.py"


def started(repo: Repo) -> "subprocess.Popen[str]":
    """`train 1` in a process group of its own, its stderr read here."""
    return subprocess.Popen(
        TRAIN, cwd=repo.path, env={**environment(), "PYTHONPATH": "src"}, text=True,
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def kill(process: "subprocess.Popen[str]") -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def complete(repo: Repo) -> list[Path]:
    found = repo.path.glob(".dvc/tmp/restem/train-1-*/checkpoint-*/complete.json")
    return [file.parent for file in found]


def change(repo: Repo, file: str) -> None:
    with (repo.path / file).open("a") as source:
        source.write("FIXED = True\n")


def read(repo: Repo, path: str) -> dict[str, object]:
    return dict(json.loads((repo.path / path).read_text()))


def test_a_killed_training_whose_checkpoint_code_changed_goes_on_when_it_is_adopted(
    finished: Repo,
) -> None:
    repo = finished
    repo.set("train.max_epochs=4", "train.checks_per_epoch=2", "train.patience=100")
    repo.restem("train", "1")
    straight, facts, whole = repo.bytes(MODEL), read(repo, FACTS), read(repo, COST)
    repo.restem("store", "gc", "--all")

    process, deadline = started(repo), time.monotonic() + 300
    while not complete(repo) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    kill(process)
    (checkpoint,) = complete(repo)

    change(repo, CHECKPOINTS)
    process = started(repo)
    assert process.stderr is not None
    said = next(line for line in process.stderr if "starts anew" in line)
    kill(process)
    assert f"train@1 starts anew, its earlier work is of other code ({CHECKPOINTS} changed" in said
    assert "`restem store adopt train@1`" in said

    told = repo.restem("store", "adopt", "train@1")
    assert f"{checkpoint.name} adopted, 1 changed since:\n  {CHECKPOINTS}\n" in told
    repo.restem("train", "1")
    adopted = [{"what": checkpoint.name, "changed": [CHECKPOINTS]}]
    assert read(repo, FACTS) == {**facts, "adopted": adopted}
    assert repo.bytes(MODEL) == straight
    assert int(str(read(repo, COST)["tokens"])) < int(str(whole["tokens"])), "only the rest"


def test_adopted_samples_are_not_drawn_again_and_the_report_tells(finished: Repo) -> None:
    repo, shards = finished, ".dvc/tmp/restem/sample-1-*/s*"
    before, drawn = repo.bytes("data/iterations/1/*"), len(repo.bytes(shards))
    page = repo.bytes("metrics/report.html")["metrics/report.html"]
    assert b"adopted" not in page
    change(repo, DECODE)
    repo.restem("store", "adopt", "all")
    said = repo.restem("sample", "1")
    assert f"({drawn} of {drawn} shards were done)" in said
    assert "starts anew" not in said
    table = repo.bytes("data/iterations/1/samples.parquet")
    assert table != {name: before[name] for name in table}, "the file itself tells"
    repo.restem("score", "1")
    repo.restem("report")
    text = f"{drawn} of {drawn} shards adopted, {DECODE} changed since"
    assert read(repo, "metrics/summary.json")["adopted"] == {"sample@1": text}
    assert f"sample@1: {text}." in (repo.path / "metrics/report.html").read_text()
