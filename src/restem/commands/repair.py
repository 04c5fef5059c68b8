"""Mend what a killed run has left, so that `dvc repro` goes on. `make run` begins with it.

Results are safe: DVC's cache has every stage that ended, and a stage that did not goes on where it
was. But DVC writes a few files in place, and refuses to start when a kill has cut one. This puts
them right, says what it did, and does nothing while a dvc or a stage is at work here. What it
replaces lies in .dvc/tmp/broken afterwards.

examples
  python -m restem repair      after `kill -9`, a crash, or an error of DVC's that names a lock
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from restem.commands.remains import LOCK, REPO_LOCK, Remain, find, litter, mended
from restem.core.errors import DataError
from restem.core.processes import DVC, QUEUE, Owner, at_work, is_dvc, opened, told
from restem.core.scratch import write_atomically

BROKEN = Path(".dvc/tmp/broken")
PATIENCE_S = 15.0
"""Stages of a killed dvc end by themselves, within seconds."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None but those of every command."""


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Lines to show. Raises: DataError if something must be done by hand."""
    root = Path.cwd()
    if not (root / ".dvc").is_dir():
        raise DataError(f"there is no .dvc in {root}; run from the repository root")
    said = False
    for line in repair(root):
        said = True
        yield line
    if not said and not arguments.quiet:
        yield "nothing to mend; `dvc repro` goes on where it was"


def repair(root: Path, patience_s: float = PATIENCE_S) -> Iterator[str]:
    """A line for each thing mended. Raises: DataError if something must be done by hand."""
    if not any(find(root)) and not any(litter(root)):
        living = [o for o in at_work(root.resolve()) if o.kind == DVC and is_dvc(o.words)]
        yield from (f"{told(owner)} is at work here already" for owner in living)
        return
    with _repository(root, _wait(root, patience_s)):
        owners = list(at_work(root.resolve()))  # one may have begun meanwhile
        remains = list(find(root))
        for remain in remains:
            if not remain.advice:
                yield _mend(root, remain, owners)
        for remain in remains:
            if remain.advice and not remain.stops:
                yield f"{_name(root, remain.path)} {remain.what}; {remain.advice}"
        if not {DVC, QUEUE} & {owner.kind for owner in owners}:
            yield from _sweep(root)
    for remain in remains:
        if remain.advice and remain.stops:
            raise DataError(f"{_name(root, remain.path)} {remain.what}; {remain.advice}")


def _wait(root: Path, patience_s: float) -> list[Owner]:
    """Who is at work here after the processes of a killed run have had time to end."""
    until = time.monotonic() + patience_s
    while True:
        owners = list(at_work(root.resolve()))
        if DVC not in {owner.kind for owner in owners} or time.monotonic() > until:
            return owners
        time.sleep(0.2)


@contextmanager
def _repository(root: Path, owners: list[Owner]) -> Iterator[None]:
    """Hold DVC's own lock, so that no dvc starts meanwhile. Raises: DataError if one has it."""
    path = root / REPO_LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:  # its content and time tell of the last dvc
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            who = "; ".join(told(o) for o in owners if o.kind == DVC) or "another process"
            raise DataError(f"{who} is at work in {root}. Wait for it, or end it.") from error
        yield


def _mend(root: Path, remain: Remain, owners: list[Owner]) -> str:
    """What was done. Raises: DataError if somebody may be at it."""
    name = _name(root, remain.path)
    for owner in owners:
        if owner.kind in remain.owners:
            raise DataError(f"{name} {remain.what}, but {told(owner)} is at work here. "
                            "Wait for it, or end it, then repeat the command.")  # fmt: skip
    if remain.path == root / LOCK:
        return f"{name} {remain.what}: {_mend_lock(root, remain.path)}"
    return f"{name} {remain.what}: moved to {_name(root, _aside(root, remain.path))}"


def _mend_lock(root: Path, path: Path) -> str:
    shown = subprocess.run(
        ["git", "show", f"HEAD:./{LOCK}"], cwd=root, capture_output=True, check=False
    )
    committed = shown.stdout.decode("utf-8", "replace") if shown.returncode == 0 else ""
    result = mended(path.read_bytes().decode("utf-8", "surrogateescape"), committed)
    aside = _aside(root, path)
    if result.text:
        write_atomically(path, result.text.encode())
    return (f"kept {result.kept} stages, took {result.committed} from the last commit; DVC finds "
            f"the others in its cache. It lies in {_name(root, aside)}")  # fmt: skip


def _aside(root: Path, path: Path) -> Path:
    """Where the file lies now."""
    folder = root / BROKEN
    folder.mkdir(parents=True, exist_ok=True)
    taken = {file.name for file in folder.iterdir()}
    number = next(n for n in range(1, len(taken) + 2) if f"{path.name}.{n}" not in taken)
    place = folder / f"{path.name}.{number}"
    try:
        path.rename(place)
    except OSError:  # .git on another file system
        shutil.move(path, place)
    return place


def _sweep(root: Path) -> Iterator[str]:
    """Delete what is unfinished and nobody's; `restem grade` may be writing among the outputs."""
    held = opened(root.resolve())
    held |= {folder for file in held for folder in file.parents}
    paths = [path for path in litter(root) if path.resolve() not in held]
    size = sum(_size(path) for path in paths)
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    if paths:
        yield f"{len(paths)} unfinished files in the cache or among the outputs: " \
              f"deleted ({size / 1e6:.1f} MB)"  # fmt: skip


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.lstat().st_size for file in files)


def _name(root: Path, path: Path) -> str:
    """As a user would type it here."""
    return os.path.relpath(path, root)
