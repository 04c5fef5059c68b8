"""Work that survives the process that did it.

DVC deletes a stage's outputs before running it, so a stage that was killed half-way would start
from nothing. A `Scratch` lives outside the outputs, under a name derived from everything the work
depends on: the same inputs find their finished parts again, other inputs never see them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from restem.core.errors import ResumeError
from restem.core.seeds import stable_hash

log = logging.getLogger(__name__)
INPUTS, FINISHED = ".inputs", ".finished"
"""Files of a scratch folder: what its work depends on; the mark that the work was ended."""


def digest(*paths: Path) -> str:
    """One SHA-256 over the names and bytes of files and folders (64 hex digits)."""
    total = hashlib.sha256()
    for root in paths:
        for file in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if file.is_file():
                name = file.relative_to(root).as_posix() if root.is_dir() else file.name
                with file.open("rb") as stream:
                    total.update(
                        f"{name}:{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode()
                    )
    return total.hexdigest()


def code_digest(paths: Sequence[str]) -> str:
    """A hash over restem's own source, files or folders relative to src/restem.

    Work of other code is other work. A stage hands in its CODE, the same list as in dvc.yaml.
    """
    root = Path(__file__).parent.parent
    found = [sorted(p.rglob("*.py")) if (p := root / path).is_dir() else [p] for path in paths]
    return digest(*(file for files in found for file in files))


class Scratch:
    """A folder of finished parts; `path` may also be a library's working folder (checkpoints)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def done(self, part: str) -> bool:
        return (self.path / part).exists()

    def write(self, part: str, content: bytes) -> None:
        """All or nothing: a part that exists is complete, also after a power cut.

        Raises: ResumeError when the disk is full; parts finished before stay.
        """
        write_atomically(self.path / part, content)

    def read(self, part: str) -> bytes:
        return (self.path / part).read_bytes()


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
    partial = path.parent / f".{path.name}.{os.getpid()}.partial"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise ResumeError(
            f"cannot write {path}: {error.strerror or error}. Finished parts are kept; "
            "free some space (`restem store ls`) and run `dvc repro` again."
        ) from error
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
    root = scratch_root()
    path = root / f"{stage}-{stable_hash(stage, inputs)[:16]}"
    with _locked(path, shared=shared):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResumeError(f"cannot create {path}: {error.strerror}") from error
        if not (path / INPUTS).exists():
            write_atomically(path / INPUTS, json.dumps(inputs, sort_keys=True).encode())
        (path / FINISHED).unlink(missing_ok=True)
        for old in [] if keep else root.glob(f"{stage}-*/{FINISHED}"):
            sweep(old.parent)
        yield Scratch(path)
        if not shared:
            (path / FINISHED).touch()


@contextmanager
def _locked(path: Path, wait: bool = True, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a scratch folder; it lies outside the folder, which may be deleted.

    Raises: BlockingIOError if somebody else holds it and `wait` is off.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    locks = path.parent / "locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock = (locks / path.name).open("w")
    except OSError as error:
        raise ResumeError(f"cannot lock {path}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise
            log.info("waiting for another process that does the same work in %s", path)
            fcntl.flock(lock, kind)
        yield


def sweep(old: Path, unfinished: bool = False) -> bool:
    """Delete a finished folder, unless somebody is at it; True if it is gone."""
    with suppress(BlockingIOError), _locked(old, wait=False):
        if unfinished or (old / FINISHED).exists():
            shutil.rmtree(old, ignore_errors=True)
    return not old.exists()
