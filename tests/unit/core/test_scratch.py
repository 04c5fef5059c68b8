"""Work that survives the process that did it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from restem.core.errors import ResumeError
from restem.core.scratch import digest, scratch, scratch_root, write_atomically

REPO = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The scratch root of a made-up checkout."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return scratch_root()


def folders(root: Path) -> set[str]:
    return {path.name for path in root.iterdir() if path.name != "locks"}


def test_the_same_work_finds_its_parts_again() -> None:
    with scratch("s", {"a": 1}) as work:
        work.write("0", b"part")
    with scratch("s", {"a": 1}) as again:
        assert again.done("0")
        assert again.read("0") == b"part"
        assert not again.done("1")


def test_other_work_never_sees_them(root: Path) -> None:
    with scratch("s", {"a": 1}) as work:
        work.write("0", b"part")
    with scratch("s", {"a": 2}) as other:
        assert not other.done("0")
    with scratch("t", {"a": 2}) as other:
        assert not other.done("0")


def test_finished_work_is_swept_by_the_next_of_its_stage_unless_kept(root: Path) -> None:
    with scratch("s", {"a": 1}):
        pass
    with scratch("t", {"a": 1}):
        pass
    (of_t,) = (name for name in folders(root) if name.startswith("t-"))
    with scratch("s", {"a": 2}) as work:
        assert folders(root) == {work.path.name, of_t}
    with scratch("s", {"a": 3}, keep=True) as other:
        assert folders(root) == {work.path.name, other.path.name, of_t}


def test_unfinished_work_is_not_swept() -> None:
    def interrupted() -> None:
        with scratch("s", {"a": 1}) as work:
            work.write("0", b"part")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with scratch("s", {"a": 2}):
        pass
    with scratch("s", {"a": 1}) as again:
        assert again.done("0")


HOLD = """
import sys
from restem.core.scratch import scratch
with scratch("s", {"a": 1}) as work:
    print("inside", flush=True)
    sys.stdin.readline()
    work.write("0", b"theirs")
"""


def test_a_second_process_waits_until_the_first_is_through() -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    start = [sys.executable, "-c", HOLD]
    pipe = subprocess.PIPE
    first = subprocess.Popen(start, env=environment, stdin=pipe, stdout=pipe, text=True)
    assert first.stdin is not None
    assert first.stdout is not None
    assert first.stdout.readline() == "inside\n"
    second = subprocess.Popen(start, env=environment, stdin=pipe, stdout=pipe, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(timeout=1)
    first.stdin.write("go\n")
    first.stdin.flush()
    assert first.wait(timeout=20) == 0
    said, _ = second.communicate("go\n", timeout=20)
    assert said == "inside\n"
    assert second.returncode == 0
    first.stdin.close()
    first.stdout.close()


def test_a_write_leaves_the_whole_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    write_atomically(path, b"old")
    (tmp_path / "link").hardlink_to(path)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert (tmp_path / "link").read_bytes() == b"old"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_costs_one_line_and_no_finished_part(
    tiny_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tiny_disk))

    def work_until_full() -> None:
        with scratch("s", {"a": 1}) as work:
            for number in range(100):
                work.write(str(number), bytes(8192))

    with pytest.raises(ResumeError, match="the disk is full") as caught:
        work_until_full()
    assert "\n" not in str(caught.value)
    with scratch("s", {"a": 1}) as again:
        parts = [path for path in again.path.iterdir() if not path.name.startswith(".")]
        assert len(parts) >= 2
        assert all(path.stat().st_size == 8192 for path in parts)
        assert not list(again.path.glob(".*.*"))


LIMITED = """
import resource, sys
from pathlib import Path
from restem.core.errors import ResumeError
from restem.core.scratch import write_atomically
write_atomically(Path("small"), bytes(100))
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_atomically(Path("small"), bytes(100_000))
except ResumeError as error:
    print(error)
"""


def test_a_write_beyond_a_limit_leaves_the_old_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(REPO / "src")},
    )  # fmt: skip
    assert done.stdout.startswith("cannot write small: the file would be larger than allowed")
    assert [(p.name, p.stat().st_size) for p in tmp_path.iterdir()] == [("small", 100)]


def test_a_digest_is_of_names_and_bytes(tmp_path: Path) -> None:
    for name, text in (("a/x", "1"), ("a/y/z", "2"), ("b/x", "1"), ("b/y/z", "2")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    (tmp_path / "b/y/z").rename(tmp_path / "b/y/w")
    assert digest(tmp_path / "a") != digest(tmp_path / "b")
    assert digest(tmp_path / "a/x") == digest(tmp_path / "b/x")


ENTER = """
import sys, time
from restem.core.scratch import scratch
same, end = sys.argv[1] == "same", time.monotonic() + 3
count = 0
while time.monotonic() < end:
    count += 1
    with scratch("s", {"a": "same" if same else count}) as work:
        if same:
            owner = work.path / "owner"
            assert not owner.exists(), "two holders of one scratch folder"
            owner.write_text("mine")
            time.sleep(0.002)
            assert owner.exists(), "swept while held"
            owner.unlink()
"""


def test_nobody_sweeps_or_enters_a_folder_that_is_held(root: Path) -> None:
    env = {**os.environ, "PYTHONPATH": "src"}
    who = ("same", "same", "other")
    processes = [
        subprocess.Popen([sys.executable, "-c", ENTER, name], env=env, stderr=subprocess.PIPE)
        for name in who
    ]
    said = [process.communicate()[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
