"""Every shape that a killed dvc leaves, made by hand: mended, named, and nothing lost."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from restem.commands.doctor import left_behind
from restem.commands.remains import find, is_whole, litter, mended, stages_of
from restem.commands.repair import repair
from restem.core.errors import DataError
from restem.core.orphans import RWLOCK

STAGE = """\
  {name}:
    cmd: PYTHONPATH=src python -m restem {name}
    deps:
    - path: data/{name}.json
      hash: md5
      md5: 0123456789abcdef0123456789abcdef
      size: 81
    params:
      params.yaml:
        score.cpu_s: 4.0
        reward: auto
    outs:
    - path: models/{name}
      hash: md5
      md5: fedcba9876543210fedcba9876543210.dir
      size: 7
      nfiles: 2
"""
NAMES = ("plan", "prepare", "sample@1", "train@1", "report")
WHOLE = "schema: '2.0'\nstages:\n" + "".join(STAGE.format(name=name) for name in NAMES)


def git(root: Path, *words: str) -> None:
    names = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *names, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a committed dvc.lock, which a dvc that has ended was at last."""
    root = tmp_path / "a repo"
    (root / ".dvc/tmp").mkdir(parents=True)
    (root / "dvc.lock").write_text(WHOLE)
    (root / ".dvc/tmp/rwlock").write_text("{}")
    git(root.parent, "init", "-q", root.name)
    git(root, "add", "dvc.lock")
    git(root, "commit", "-q", "-m", "x")
    gone = subprocess.Popen(["true"])
    gone.wait()
    (root / ".dvc/tmp/lock").write_text(f" {gone.pid}\n")
    return root


def test_a_repository_in_order_is_left_alone(root: Path) -> None:
    before = {f: f.stat().st_mtime_ns for f in root.rglob("*") if f.is_file()}
    assert list(repair(root)) == []
    assert {f: f.stat().st_mtime_ns for f in root.rglob("*") if f.is_file()} == before


def test_stages_are_told_apart() -> None:
    assert list(stages_of(WHOLE)) == list(NAMES)
    assert "".join(stages_of(WHOLE).values()) == WHOLE.partition("stages:\n")[2]


def cuts() -> list[int]:
    """Anywhere, and at each end of a stage."""
    ends = [WHOLE.index(f"  {name}:") for name in NAMES]
    return sorted({0, 1, len(WHOLE) - 1, *ends, *random.Random(3).sample(range(len(WHOLE)), 40)})


@pytest.mark.parametrize("cut", cuts())
def test_wherever_dvc_lock_is_cut_what_was_whole_is_kept(cut: int) -> None:
    alone, with_commit = mended(WHOLE[:cut], ""), mended(WHOLE[:cut], WHOLE)
    assert WHOLE.startswith(alone.text)
    assert alone.text == "" or is_whole(alone.text)
    assert alone.kept >= WHOLE[:cut].count("  outs:") - 1
    assert (with_commit.text, with_commit.kept + with_commit.committed) == (WHOLE, len(NAMES))


@pytest.mark.parametrize(
    "broken",
    ["\0" * 900, "schema: '2.0'\nstages:", "stages:\n  plan:\n    cmd: [", "schema: '2.0'\n0: 1\n"],
)
def test_what_holds_nothing_whole_is_taken_from_the_commit(broken: str) -> None:
    assert not is_whole(broken)
    assert mended(broken, WHOLE).text == WHOLE
    assert mended(broken, broken).text == ""


@pytest.mark.parametrize("after", ["fedcba98", "hash: md5\n", "210.dir\n", "size: 7\n", "size: 8"])
def test_a_cut_that_dvc_would_not_see_is_seen(after: str) -> None:
    cut = WHOLE[: WHOLE.index(after, WHOLE.index("  train@1:")) + len(after)]
    assert not is_whole(cut)
    assert mended(cut, WHOLE).text == WHOLE


def test_a_newer_entry_wins_over_the_committed_one() -> None:
    newer = WHOLE.replace("size: 81", "size: 82")
    text = mended(newer[: newer.index("  report:") + 9], WHOLE).text
    assert (text.count("size: 82"), text.count("size: 81")) == (4, 1)


@pytest.mark.parametrize("content", [b"", WHOLE.encode()[:700], b"\xff\xfe" + WHOLE.encode()])
def test_a_broken_dvc_lock_is_mended_and_kept(root: Path, content: bytes) -> None:
    (root / "dvc.lock").write_bytes(content)
    (line,) = repair(root)
    assert line.startswith("dvc.lock ")
    assert (root / "dvc.lock").read_text() == WHOLE
    assert (root / ".dvc/tmp/broken/dvc.lock.1").read_bytes() == content
    (root / "dvc.lock").write_bytes(content)
    assert len(list(repair(root))) == 1
    assert (root / ".dvc/tmp/broken/dvc.lock.2").read_bytes() == content


def test_without_a_commit_dvc_begins_a_new_lock(root: Path) -> None:
    git(root, "rm", "-q", "--cached", "dvc.lock")
    git(root, "commit", "-q", "-m", "x")
    (root / "dvc.lock").write_text("")
    assert len(list(repair(root))) == 1
    assert not (root / "dvc.lock").exists()


def test_a_git_merge_is_the_users(root: Path) -> None:
    text = f"<<<<<<< HEAD\n{WHOLE}=======\n{WHOLE}>>>>>>> other\n"
    (root / "dvc.lock").write_text(text)
    with pytest.raises(DataError, match=r"dvc\.lock holds an unresolved git merge; resolve it"):
        list(repair(root))
    assert (root / "dvc.lock").read_text() == text


@pytest.mark.parametrize("name", ["rwlock", "exps/rwlock"])
@pytest.mark.parametrize("content", ["", '{"write": {"/a/b": {"pid": 12, "c', "[]", '{"write": 3}'])
def test_a_broken_rwlock_is_moved_away(root: Path, name: str, content: str) -> None:
    path = root / ".dvc/tmp" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    assert list(repair(root)) == [
        f".dvc/tmp/{name} was cut while DVC wrote it: moved to .dvc/tmp/broken/rwlock.1"
    ]
    assert not path.exists()


def named(pid: int, cmd: str) -> str:
    entry = {"pid": pid, "cmd": cmd}
    return json.dumps({"write": {"/r/models/1": entry}, "read": {"/r/data": [entry]}})


def test_a_dvc_whose_number_another_process_has_holds_nothing(root: Path) -> None:
    (root / ".dvc/tmp/rwlock").write_text(named(os.getpid(), "/x/bin/dvc repro"))
    (line,) = repair(root)
    assert f"names a dvc that has ended (process {os.getpid()})" in line
    assert not (root / ".dvc/tmp/rwlock").exists()


def test_a_dvc_whose_parent_has_not_heard_of_its_end_holds_nothing(root: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        while psutil.Process(ended.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        (root / ".dvc/tmp/rwlock").write_text(named(ended.pid, "/x/bin/dvc repro"))
        assert psutil.pid_exists(ended.pid), "so DVC takes it for alive"
        assert len(list(repair(root))) == 1


def test_a_dvc_that_is_dead_is_left_to_dvc(root: Path) -> None:
    pid = int((root / ".dvc/tmp/lock").read_text())
    (root / ".dvc/tmp/rwlock").write_text(named(pid, "/x/bin/dvc repro"))
    assert list(repair(root)) == []


@pytest.fixture
def at_work(root: Path) -> Iterator[psutil.Process]:
    """A process in the repository that has the words of a dvc."""
    script = root / ".dvc/tmp/dvc"
    script.write_text("import time; print('on', flush=True); time.sleep(600)")
    words = [sys.executable, str(script), "repro"]
    with subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield psutil.Process(process.pid)
        process.kill()


def test_nothing_is_mended_while_a_dvc_is_at_work(root: Path, at_work: psutil.Process) -> None:
    (root / "dvc.lock").write_text("")
    (root / ".dvc/tmp/rwlock").write_text("")
    (root / "data/plan").mkdir(parents=True)
    (root / "data/plan/.x.partial").touch()
    with pytest.raises(DataError, match=rf"`dvc repro` \(process {at_work.pid}\) is at work here"):
        list(repair(root, patience_s=0))
    assert (root / "dvc.lock").read_text() == ""
    assert (root / "data/plan/.x.partial").exists()
    at_work.kill()
    at_work.wait()
    assert len(list(repair(root))) == 3


def test_a_living_dvc_keeps_what_it_holds(root: Path, at_work: psutil.Process) -> None:
    (root / ".dvc/tmp/rwlock").write_text(named(at_work.pid, "dvc repro"))
    assert list(find(root)) == []
    assert next(iter(repair(root))).endswith(f"(process {at_work.pid}) is at work here already")


def index_lock(root: Path, later_s: float) -> Path:
    """As a killed dvc leaves it, so many seconds after it took its own lock."""
    path = root / ".git/index.lock"
    path.write_bytes(b"DIRC")
    when = (root / ".dvc/tmp/lock").stat().st_mtime + later_s
    os.utime(path, (when, when))
    return path


def test_a_git_lock_of_a_killed_dvc_is_moved_away(root: Path) -> None:
    path = index_lock(root, 5)
    (line,) = repair(root)
    assert line.endswith("moved to .dvc/tmp/broken/index.lock.1")
    assert not path.exists()
    git(root, "add", "dvc.lock")


def test_a_git_lock_that_dvc_cannot_have_made_is_named(root: Path) -> None:
    path = index_lock(root, -5)
    with pytest.raises(DataError, match=r"\.git/index\.lock stops git and dvc; if no git runs"):
        list(repair(root))
    assert path.exists()


def test_a_git_lock_is_left_while_git_runs(root: Path) -> None:
    path = index_lock(root, 5)
    words = ["git", "cat-file", "--batch"]
    with (
        subprocess.Popen(words, cwd=root, stdin=subprocess.PIPE),
        pytest.raises(DataError, match="`git cat-file --batch`"),
    ):
        list(repair(root))
    assert path.exists()


def test_a_lock_for_many_machines_is_named(root: Path) -> None:
    os.link(root / ".dvc/tmp/lock", root / ".dvc/tmp/claim.lock")
    assert list(repair(root)) == [], "a copy by hard links"
    (root / ".dvc/config").write_text("[core]\n    hardlink_lock = true\n")
    with pytest.raises(DataError, match=r"core\.hardlink_lock is on"):
        list(repair(root))


def test_unfinished_files_are_deleted_and_no_others(root: Path) -> None:
    token = "aB3_-6789012345678901x"
    unfinished = [
        f".dvc/cache/files/md5/.{token}.tmp", f".dvc/cache/files/md5/ab/.{token}.tmp",
        f".dvc/cache/runs/ab/abcd/ef01.{token}.tmp", f"data/iterations/1/.{token}.tmp",
        "models/.1.partial/model.safetensors", "metrics/.summary.json.1234abcd.partial",
    ]  # fmt: skip
    finished = [
        ".dvc/cache/files/md5/ab/cdef", ".dvc/cache/runs/ab/abcd/ef01", "data/my.tmp",
        "data/gsm8k/.mine.partial", "models/1/model.safetensors", "notes.partial",
    ]  # fmt: skip
    for name in (*unfinished, *finished):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    assert len(list(litter(root))) == len(unfinished)
    (line,) = repair(root)
    assert line.startswith("6 unfinished files")
    assert [name for name in unfinished if (root / name).exists()] == []
    assert [name for name in finished if not (root / name).exists()] == []


def test_a_file_that_somebody_writes_is_not_unfinished(root: Path) -> None:
    (root / "data/plan/.folder.partial").mkdir(parents=True)
    with (
        (root / "data/plan/.verdicts.12.partial").open("w"),
        (root / "data/plan/.folder.partial/x").open("w"),
    ):
        assert list(repair(root)) == []
        assert len(list(litter(root))) == 2
    assert len(list(repair(root))) == 1
    assert list(litter(root)) == []


@pytest.mark.parametrize(
    ("statements", "moved"),
    [
        ([], True),
        (["CREATE TABLE experiments (a)", "CREATE TABLE runs (a)"], True),
        (["CREATE TABLE experiments (a)", "INSERT INTO experiments VALUES (0)"], False),
    ],
)
def test_an_mlflow_database_that_was_cut_while_created_is_moved_away(
    root: Path, statements: list[str], moved: bool
) -> None:
    database = sqlite3.connect(root / "mlflow.db")
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
    (root / "mlflow.db").touch()
    assert len(list(repair(root))) == moved
    assert (root / "mlflow.db").exists() != moved


def test_a_damaged_mlflow_database_is_named_and_stops_nothing(root: Path) -> None:
    (root / "mlflow.db").write_bytes(b"no database" * 100)
    (line,) = repair(root)
    assert line.startswith("mlflow.db is damaged; move it away")
    assert (root / "mlflow.db").exists()


def test_a_stage_whose_dvc_is_gone_before_it_looks_ends(root: Path) -> None:
    code = "from restem.core.orphans import end_with_dvc; end_with_dvc(); print('on')"
    assert printed(root, "-c", code) == (0, "on\n"), "no dvc has started it"
    (root / RWLOCK).write_text(named(int((root / ".dvc/tmp/lock").read_text()), "dvc repro"))
    assert printed(root, "-c", code) == (1, "")
    (root / RWLOCK).write_text(named(os.getpid(), "dvc repro"))
    assert printed(root, "-c", code) == (0, "on\n"), "an own program may call DVC"


def test_doctor_names_each_and_the_command(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "dvc.lock").write_text("")
    (root / ".dvc/tmp/rwlock").write_text("")
    index_lock(root, -5)
    monkeypatch.chdir(root)
    assert [(check.name, check.ok, check.text.rpartition("; ")[2]) for check in left_behind()] == [
        ("dvc.lock", False, "`restem repair` mends it"),
        (".dvc/tmp/rwlock", False, "`restem repair` mends it"),
        (".git/index.lock", False, "if no git runs here, `rm .git/index.lock`"),
    ]


def test_doctor_sees_a_run_at_work_instead(
    root: Path, at_work: psutil.Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "dvc.lock").write_text("")
    monkeypatch.chdir(root)
    (check,) = left_behind()
    assert (check.name, check.ok) == ("at work", True)
    assert check.text == f"`dvc repro` (process {at_work.pid})"


def test_the_command_says_when_nothing_is_wrong(root: Path) -> None:
    said = "nothing to mend; `dvc repro` goes on where it was\n"
    assert printed(root, "-m", "restem", "repair") == (0, said)
    assert printed(root, "-m", "restem", "-q", "repair") == (0, "")


def printed(root: Path, *words: str) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, *words], cwd=root, env=environment, capture_output=True,
                          text=True, check=False)  # fmt: skip
    return done.returncode, done.stdout
