"""What lies in the scratch store, and what may be freed."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from restem.__main__ import main
from restem.core import params as params_file
from restem.core import storage
from restem.core.protocols import Request, Shard
from restem.core.records import Completion
from restem.core.scratch import lock_file, locked, remove, scratch, scratch_path, scratch_root
from restem.sampling.drawing import open_drawing

REPO = Path(__file__).parents[3]
WEEK_S = 7 * 86_400


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a policy 0 and an empty store; the working directory."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "params.yaml").write_bytes((REPO / "tests/params.yaml").read_bytes())
    (tmp_path / "presets").symlink_to(REPO / "presets")
    (tmp_path / "models/0").mkdir(parents=True)
    (tmp_path / "models/0/weights").write_text("0")
    return scratch_root()


def draw_one_shard() -> Path:
    """A shard of two samples for the policy in models/0; its folder."""
    shard = Shard("s000000-x", (Request("p", "?", (), 0, 2),))
    with open_drawing(params_file.load(), "1") as drawing:
        drawing.store.add(shard, [[Completion("a", 1, "stop", -1.0)] * 2])
    return max(scratch_root().glob("sample-1-*"), key=lambda path: path.stat().st_mtime_ns)


def finished(stage: str = "train-1") -> Path:
    with scratch(stage, {"a": stage}, keep=True) as work:
        work.write("0", bytes(1000))
    return work.path


def unfinished(stage: str = "base") -> Path:
    with scratch(stage, {"a": stage}, keep=True, shared=True) as work:
        work.write("0", bytes(2000))
    return work.path


def age(path: Path, seconds: int) -> None:
    """Make it look last used so long ago."""
    for file in (*path.rglob("*"), path):
        then = file.stat().st_mtime - seconds
        os.utime(file, (then, then))


def ls(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Folders by stage."""
    capsys.readouterr()
    assert main(["store", "ls", "--json"]) == 0
    return {folder["stage"]: folder for folder in json.loads(capsys.readouterr().out)["folders"]}


def gc(*words: str) -> None:
    assert main(["store", "gc", *words]) == 0


def test_samples_are_told_by_policy_values_and_number(capsys: pytest.CaptureFixture[str]) -> None:
    folder = draw_one_shard()
    found = ls(capsys)["sample@1"]
    assert (found["state"], found["parts"], found["samples"]) == ("current", 1, 2)
    assert found["size"] == sum(file.stat().st_size for file in folder.iterdir())
    digest = json.loads((folder / ".inputs").read_bytes())["policy"]
    assert found["inputs"].startswith(f"hf, policy {digest[:8]}, T 0.7, top-k 40, top-p 1.0, ")


def test_another_policy_or_value_makes_samples_old(capsys: pytest.CaptureFixture[str]) -> None:
    draw_one_shard()
    assert main(["configure", "temperature=0.9"]) == 0
    assert ls(capsys)["sample@1"]["state"] == "old"
    assert main(["configure", "temperature=0.7"]) == 0
    Path("models/0/weights").write_text("1")
    assert ls(capsys)["sample@1"]["state"] == "old"


def test_the_table_has_the_largest_first_and_a_total(capsys: pytest.CaptureFixture[str]) -> None:
    finished()
    unfinished()
    assert main(["store", "ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["stage", "base", "train@1", "3.0"]
    assert "unfinished" in lines[1]
    assert "old" in lines[2]
    assert lines[-1] == "3.0 kB in 2 folders of .dvc/tmp/restem"


def test_an_empty_store_is_told_and_a_missing_one_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for words in (["ls"], ["gc"]):
        assert main(["store", *words]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "0 B in 0 folders of .dvc/tmp/restem",
        "freed 0 B in 0 folders of .dvc/tmp/restem, 0 kept",
    ]
    Path(".dvc").rmdir()
    assert main(["store", "ls"]) == 1
    assert capsys.readouterr().err == (
        f"restem store: there is no .dvc: {params_file.no_checkout()}\n"
    )


def test_gc_frees_the_old_and_keeps_the_current_and_recent_work() -> None:
    current, recent, old = draw_one_shard(), unfinished(), finished()
    stale = unfinished("train-2")
    for path in (current, stale):
        age(path, WEEK_S + 60)
    gc()
    assert [path.exists() for path in (current, recent, old, stale)] == [True, True, False, False]
    gc("--all")
    assert [path for path in scratch_root().iterdir() if path.name != "locks"] == []
    assert list((scratch_root() / "locks").iterdir()) == []


def test_gc_frees_only_what_is_old_enough() -> None:
    new, old, recent = finished("train-1"), finished("train-2"), unfinished()
    age(old, 3 * 86_400)
    age(recent, 3 * 86_400)
    gc("--older-than", "2")
    assert [path.exists() for path in (new, old, recent)] == [True, False, False]


def test_a_dry_run_frees_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    old = finished()
    gc("--dry-run")
    assert capsys.readouterr().out.startswith("would free     1.0 kB  train@1       old, ")
    assert (old / "0").exists()


def test_gc_needs_a_number_of_days_that_can_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "gc", "--older-than", "-1"]) == 2
    assert "--older-than must be days, 0 or more, got -1" in capsys.readouterr().err


def test_gc_without_readable_params_frees_nothing() -> None:
    old = finished()
    Path("params.yaml").write_text("{")
    assert main(["store", "gc"]) == 2
    assert old.exists()


HOLD = """
import sys
from restem.core.scratch import scratch
with scratch("train-1", {"a": "train-1"}, shared=sys.argv[1] == "shared") as work:
    print("inside", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("how", ["shared", "alone"])
def test_what_a_process_is_at_is_kept(how: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = finished()
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    words = [sys.executable, "-c", HOLD, how]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, env=environment, stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "inside\n"
        assert ls(capsys)["train@1"]["state"] == "in use"
        gc("--all")
        assert (path / "0").exists()
        holder.communicate("go\n")
    assert ls(capsys)["train@1"]["state"] == "old"


def test_leftovers_of_killed_processes_go(root: Path) -> None:
    current = draw_one_shard()
    partials = [current / ".s000000-y.0a.partial", root / ".train-3-0.partial/half"]
    for partial in partials:
        partial.parent.mkdir(exist_ok=True)
        partial.write_bytes(b"half")
    lock_file(root / "train-4-0").touch()
    gc()
    assert not any(partial.exists() for partial in partials)
    assert [path.name for path in root.iterdir() if path.name != "locks"] == [current.name]
    assert [path.name for path in (root / "locks").iterdir()] == [current.name]
    assert storage.read_rows("samples", current / "s000000-x")


def test_a_stage_that_waits_for_the_lock_of_a_freed_folder_holds_the_new_one(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = finished()
    assert path == scratch_path("train-1", {"a": "train-1"})
    waiting, inside, through = threading.Event(), threading.Event(), threading.Event()

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            waiting.set()

    def stage() -> None:
        with scratch("train-1", {"a": "train-1"}) as work:
            work.write("1", b"")
            inside.set()
            through.wait()

    told, thread = Told(), threading.Thread(target=stage)
    logger = logging.getLogger("restem.core.scratch")
    caplog.set_level(logging.INFO, logger.name)
    logger.addHandler(told)
    try:
        with locked(path):
            thread.start()
            assert waiting.wait(20)
            remove(path)
        assert inside.wait(20)
        with pytest.raises(BlockingIOError), locked(path, wait=False):
            pass
        assert {file.name for file in path.iterdir()} == {".inputs", "1"}
    finally:
        through.set()
        thread.join()
        logger.removeHandler(told)
