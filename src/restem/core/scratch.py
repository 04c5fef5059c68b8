"""Work that survives the process that did it.

DVC deletes a stage's outputs before running it, so a stage that was killed half-way would start
from nothing. A `Scratch` lives outside the outputs, under a name derived from everything the work
depends on: the same inputs find their finished parts again, other inputs never see them.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from restem.core import adoption
from restem.core.adoption import INPUTS, Adopted
from restem.core.disk import unwritable
from restem.core.errors import ResumeError
from restem.core.seeds import stable_hash

log = logging.getLogger(__name__)
FINISHED = ".finished"
"""In a scratch folder: the mark that the work was ended."""


class Scratch:
    """A folder of finished parts; `path` may also be a library's working folder (checkpoints)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def adopted(self) -> list[Adopted]:
        """Parts that earlier code made, and the user has adopted."""
        return adoption.adopted(self.path)

    def done(self, part: str) -> bool:
        return (self.path / part).exists()

    def write(self, part: str, content: bytes) -> None:
        """All or nothing: a part that exists is complete, also after a power cut.

        Raises: ResumeError when the disk is full; parts finished before stay.
        """
        write_atomically(self.path / part, content)

    def read(self, part: str) -> bytes:
        """Raises: ResumeError."""
        try:
            return (self.path / part).read_bytes()
        except OSError as error:
            raise ResumeError(
                f"cannot read {self.path / part}: {error.strerror}. `dvc repro` makes it again."
            ) from error


def write_atomically(path: Path, content: bytes) -> None:
    """See `replacing`."""
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write beside, sync, rename: readers see the old file or the new one, never a part.

    Hard links to the old file (DVC's cache) keep the old content. What a kill leaves behind ends in
    `.partial`, which DVC and git ignore. Raises: ResumeError.
    """
    # Random, since processes on two machines may have the same number.
    partial = path.parent / f".{path.name}.{secrets.token_hex(4)}.partial"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _sync_folder(folder: Path) -> None:
    """A new name outlives a power cut; some network file systems cannot promise it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def scratch_root() -> Path:
    """`.dvc/tmp/restem` of the main checkout: DVC sets DVC_ROOT also for experiments in a copy."""
    return Path(os.environ.get("DVC_ROOT", ".")) / ".dvc" / "tmp" / "restem"


def scratch_path(stage: str, inputs: Mapping[str, object]) -> Path:
    """Where the work of a stage with these inputs lies."""
    return scratch_root() / f"{stage}-{stable_hash(stage, inputs)[:16]}"


@contextmanager
def scratch(
    stage: str, inputs: Mapping[str, object], keep: bool = False, shared: bool = False
) -> Iterator[Scratch]:
    """The scratch folder of this work, for one process at a time.

    inputs: everything the work depends on, JSON-able. shared: any number of processes at a time,
    each with other parts, and none that finishes the work.

    It outlives the work, so that the same work waiting in another queue worker, or restarted while
    an orphan of a killed `dvc repro` was still at it, finds everything done. The stage's next work
    sweeps it away, unless `keep` (samples are kept, since more of them may be asked for later;
    `restem store gc` frees the space).
    """
    path = scratch_path(stage, inputs)
    with locked(path, shared=shared):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(path, error) from error
        if not (path / INPUTS).exists():
            _tell_of_earlier(path, inputs)
            write_inputs(path, inputs)
        if not shared:
            (path / FINISHED).unlink(missing_ok=True)
        old = [] if keep else [f.parent for f in path.parent.glob(f"{stage}-*/{FINISHED}")]
        adoptable = [folder for folder in old if adoption.is_earlier(folder, inputs)]
        for folder in old:
            if folder not in adoptable:
                sweep(folder)
        yield Scratch(path)
        if not shared:
            (path / FINISHED).touch()
        for folder in adoptable:  # nobody wanted it
            sweep(folder)


def write_inputs(path: Path, inputs: Mapping[str, object]) -> None:
    write_atomically(path / INPUTS, (json.dumps(inputs, sort_keys=True, indent=1) + "\n").encode())


def _tell_of_earlier(path: Path, inputs: Mapping[str, object]) -> None:
    """Say why work starts anew although there is some, and what would take it over."""
    for one in adoption.earlier(path, inputs)[:1]:
        stage = adoption.stage_of(path)
        log.warning("%s starts anew, its earlier work is of other code (%s). To go on with that: "
                    "stop, `restem store adopt %s`, `dvc repro`",
                    stage, adoption.in_words(one.changed), stage)  # fmt: skip


@contextmanager
def locked(path: Path, wait: bool = True, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a scratch folder; it lies outside the folder, which may be deleted.

    Raises: BlockingIOError if somebody else holds it and `wait` is off; ResumeError.
    """
    while True:
        with _open_lock(path) as lock:
            _acquire(lock, path, wait, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            if os.fstat(lock.fileno()).st_nlink:  # else somebody deleted it while we waited
                yield
                return


def lock_file(path: Path) -> Path:
    """The lock of a scratch folder."""
    return path.parent / "locks" / path.name


def _open_lock(path: Path) -> BinaryIO:
    try:
        lock_file(path).parent.mkdir(parents=True, exist_ok=True)
        return lock_file(path).open("ab+")  # NFS: a shared lock needs a file that can be read
    except OSError as error:
        raise unwritable(lock_file(path), error) from error


def _acquire(lock: BinaryIO, path: Path, wait: bool, kind: int) -> None:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        if not wait:
            raise
        log.info("waiting for another process that does the same work in %s", path)
        fcntl.flock(lock, kind)
    except OSError as error:
        raise ResumeError(
            f"cannot lock {path}: {error.strerror}. Its file system must support flock()."
        ) from error


def sweep(old: Path) -> None:
    """Delete a finished folder, unless somebody is at it."""
    with suppress(BlockingIOError), locked(old, wait=False):
        if (old / FINISHED).exists():
            remove(old)


def remove(path: Path) -> None:
    """Delete a scratch folder and its lock, which the caller holds alone.

    Renamed first, so that a kill never leaves half of a folder under its name.
    """
    grave = path.with_name(f".{path.name}.partial")
    shutil.rmtree(grave, ignore_errors=True)
    with suppress(FileNotFoundError):
        path.rename(grave)
    shutil.rmtree(grave, ignore_errors=True)
    lock_file(path).unlink(missing_ok=True)
