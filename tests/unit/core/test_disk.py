"""A full disk ends in one line, whatever wrote, and leaves no half of a file."""

from __future__ import annotations

import argparse
import errno
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny_models

from restem.commands import grade
from restem.core import disk, storage
from restem.core.errors import ResumeError
from restem.core.scratch import Scratch
from restem.stages import base
from restem.training.export import export


class SafetensorError(Exception):
    """Named as that of safetensors, which is no OSError."""


def raised(error: Exception, cause: Exception) -> Exception:
    """The error as it is after `raise error from cause`."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        SafetensorError(
            "Error while serializing: I/O error: No space left on device (os error 28)"
        ),
        shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")]),
        raised(ValueError("cannot save"), OSError(errno.ENOSPC, "No space left on device")),
        RuntimeError("(sqlite3.OperationalError) database or disk is full"),
    ],
)
def test_every_way_to_say_full_is_understood(tmp_path: Path, error: Exception) -> None:
    said = str(disk.unwritable(tmp_path / "new" / "a.json", error))
    assert said.startswith(f"cannot write {tmp_path}/new/a.json: the disk is full (")
    assert " free). Finished parts are kept: free some space" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("code", "reason"), [(errno.EDQUOT, "the disk quota is used up"), (errno.EFBIG, "`ulimit -f`")]
)
def test_a_quota_and_a_limit_have_their_own_words(code: int, reason: str) -> None:
    assert reason in str(disk.unwritable(Path("a"), OSError(code, os.strerror(code))))


def test_another_error_is_not_called_a_full_disk() -> None:
    error = PermissionError(errno.EACCES, "Permission denied")
    assert disk.full(error) == ""
    assert "cannot write a: Permission denied." in str(disk.unwritable(Path("a"), error))


# ---- real writers, under a limit on the size of files that stands for the end of the disk

LIMIT = 100_000
WORDS = tiny_models.word_tokenizer


@contextmanager
def small_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def table(out: Path) -> None:
    row = {"prompt": "p", "completion": "c", "weight": 1.0, "problem_id": "p"}
    rows = ({**row, "sample_id": os.urandom(20).hex()} for _ in range(20_000))
    storage.write_rows("train", out, rows)


def model(out: Path) -> None:
    export(tiny_models.llama(hidden_size=256), WORDS(), out, "card")


def copied_model(out: Path) -> None:
    base._copy(out.with_name("source"), out)


def verdicts(out: Path) -> None:
    file = out.with_name("rows.jsonl")
    parser = argparse.ArgumentParser()
    grade.add_arguments(parser)
    list(grade.run(parser.parse_args([str(file), "--out", str(out)])))


WRITERS = {
    "a table": table,
    "JSON": lambda out: storage.write_json(out, {"a": "x" * 2 * LIMIT}),
    "a shard": lambda out: Scratch(out.parent).write(out.name, b"x" * 2 * LIMIT),
    "a model": model,
    "a copied model": copied_model,
    "verdicts": verdicts,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_writer_without_room_says_one_line_and_keeps_what_was_there(
    tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    if "model" in name:
        out.mkdir()
        tiny_models.save(tiny_models.llama(hidden_size=256), WORDS(), tmp_path / "source")
    old = out / "old" if out.is_dir() else out
    old.write_text("old")
    (tmp_path / "rows.jsonl").write_text('{"gold": "5", "text": "so it is 5"}\n' * 2000)
    with small_files(), pytest.raises(ResumeError) as caught:
        WRITERS[name](out)
    said = str(caught.value)
    assert said.startswith(f"cannot write {out}: the file would be larger than allowed")
    assert "\n" not in said
    assert old.read_text() == "old"
    assert not list(tmp_path.glob(".*partial")), "what is half-written takes no space"
