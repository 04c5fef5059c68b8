"""kill -9 at any point loses at most a shard, and the resumed result is byte-identical."""

import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from pipeline import OUTPUTS, Repo, fresh

pytestmark = pytest.mark.slow

SAMPLES = "data/iterations/1/samples.parquet"
RESULTS = {
    "sample": ("data/iterations/1/samples.parquet",),
    "score": ("data/iterations/1/scored.parquet",),
    "train": ("models/1/*", "metrics/training/1.json"),
}


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):  # it has ended by itself
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def forget(repo: Repo, stage: str) -> None:
    """As if the stage had never run: no outputs, no unfinished work."""
    for pattern in RESULTS[stage]:
        for file in repo.path.glob(pattern):
            file.unlink()
    for folder in (repo.path / ".dvc/tmp/restem").glob(f"{stage}-1-*"):
        shutil.rmtree(folder)


def parts(repo: Repo, stage: str) -> int:
    """Finished parts in the scratch folder of a stage."""
    root = repo.path / ".dvc/tmp/restem"
    return sum(1 for f in root.glob(f"{stage}-1-*/*") if not f.name.startswith("."))


@pytest.mark.parametrize("stage", ["sample", "score", "train"])
def test_a_stage_killed_at_random_points_ends_in_the_same_bytes(finished: Repo, stage: str) -> None:
    repo = finished
    words = ("python", "-m", "restem", stage, "1")
    expected = repo.bytes(*RESULTS[stage])
    rng = random.Random(stage)
    forget(repo, stage)
    start = time.monotonic()
    repo.restem(stage, "1")
    patience = time.monotonic() - start
    assert repo.bytes(*RESULTS[stage]) == expected, "the same inputs give the same bytes"
    forget(repo, stage)
    killed = 0
    while killed < 3:
        process = repo.start("env", "PYTHONPATH=src", *words)
        try:
            process.wait(timeout=patience * rng.uniform(0.3, 0.95))
        except subprocess.TimeoutExpired:
            kill_group(process)
            killed += 1
        else:  # it came before the kill: kill the next one earlier
            forget(repo, stage)
            patience /= 2
    repo.restem(stage, "1")
    assert repo.bytes(*RESULTS[stage]) == expected


def test_finished_shards_are_not_drawn_again(finished: Repo) -> None:
    repo = finished
    repo.set("sample.batch_rows=64")
    process = repo.start("dvc", "repro", "sample@1")
    deadline = time.monotonic() + 600
    while parts(repo, "sample") < 2 + 1 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)  # the finished run left one folder with its shards
    kill_group(process)
    shards = {
        f: f.stat().st_mtime_ns for f in (repo.path / ".dvc/tmp/restem").glob("sample-1-*/s*")
    }
    assert shards
    repo.dvc("repro", "sample@1")
    assert all(f.stat().st_mtime_ns == when for f, when in shards.items())


def test_a_stage_ends_with_the_dvc_that_started_it(finished: Repo) -> None:
    import psutil

    repo = finished
    repo.set("samples_per_problem=400", "sample.batch_rows=64")
    process = repo.start("dvc", "repro", "sample@1")
    before, deadline = parts(repo, "sample"), time.monotonic() + 600
    while parts(repo, "sample") < before + 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    stages = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(stages, timeout=120)
    assert stages
    assert not alive


def test_a_killed_dvc_ends_in_the_same_bytes_as_another_checkout(
    smoke: Repo, tmp_path: Path
) -> None:
    """As `make run` does it: `restem repair`, then `dvc repro`, until it is done."""
    repo = fresh(tmp_path / "repo", "preset=smoke")
    rng = random.Random(7)
    for _ in range(4):
        process = repo.start("dvc", "repro")
        time.sleep(rng.uniform(3, 20))
        process.kill()  # dvc alone: its stage ends with it
        process.wait()
        repo.restem("repair")
    repo.dvc("repro")
    assert repo.bytes(*OUTPUTS) == smoke.bytes(*OUTPUTS)
    assert repo.bytes("dvc.lock") == smoke.bytes("dvc.lock")


def test_what_a_killed_dvc_leaves_costs_nothing(finished: Repo) -> None:
    """All at once, and with no dvc.lock in git to fall back on: DVC's cache knows every stage."""
    repo = finished
    lock = repo.path / "dvc.lock"
    before, whole = repo.bytes(*OUTPUTS), lock.read_bytes()
    repo.run("git", "rm", "-q", "--cached", "dvc.lock")
    repo.run("git", "commit", "-q", "-m", "x")
    half_hash = whole.index(b"md5: ", whole.index(b"path: models/1", whole.index(b"  train@1:")))
    lock.write_bytes(whole[: half_hash + 12])
    (repo.path / ".dvc/tmp/rwlock").write_bytes(b"")
    for key in (repo.path / ".dvc/cache/runs").glob("*/*"):
        (key / ".0123456789abcdefghij-_.tmp").write_text("cmd: PYTHONPATH=")
    assert "JSON structure is corrupted" in repo.dvc("repro", code=255).output
    (repo.path / ".git/index.lock").touch()  # DVC held the repository last
    said = repo.restem("repair")
    assert [line.split()[0] for line in said.splitlines()[:3]] == [
        "dvc.lock", ".dvc/tmp/rwlock", ".git/index.lock"]  # fmt: skip
    ran = repo.dvc("repro")
    assert set(ran.stages) <= {"inputs", "report", "track"}
    assert {"train@1", "train@2", "eval@2"} <= set(ran.cached)
    assert repo.bytes(*OUTPUTS) == before
    assert lock.read_bytes() == whole


def test_sixteen_samples_then_thirty_two_redraw_nothing(finished: Repo) -> None:
    repo = finished
    repo.set("samples_per_problem=16")
    repo.dvc("repro", "sample@1")
    first = {f: f.stat().st_mtime_ns for f in (repo.path / ".dvc/tmp/restem").glob("sample-1-*/s*")}
    repo.set("samples_per_problem=32")
    repo.dvc("repro", "sample@1")
    after = {f: f.stat().st_mtime_ns for f in (repo.path / ".dvc/tmp/restem").glob("sample-1-*/s*")}
    assert first.items() <= after.items()
    assert len(after) > len(first)


def test_one_worker_and_two_give_the_same_bytes(finished: Repo) -> None:
    repo = finished
    expected = repo.bytes(SAMPLES)
    for workers in (1, 2):
        forget(repo, "sample")
        repo.set(f"machine.workers={workers}")
        repo.restem("sample", "1")
        assert repo.bytes(SAMPLES) == expected


def test_ctrl_c_keeps_finished_shards_and_says_how_to_go_on(finished: Repo) -> None:
    repo = finished
    repo.set("sample.batch_rows=32", "samples_per_problem=64", "machine.workers=1")
    process = subprocess.Popen(
        ("env", "--default-signal=INT", "PYTHONPATH=src", "python", "-m", "restem", "sample", "1"),
        cwd=repo.path,  # a shell in the background ignores the signal
        env={**os.environ, "PATH": f"{Path(os.sys.executable).parent}:{os.environ['PATH']}"},
        start_new_session=True, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    before = parts(repo, "sample")
    deadline = time.monotonic() + 600
    while parts(repo, "sample") == before and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "dvc repro" in said
    assert parts(repo, "sample") > before
