"""Work that survives the process that did it.

DVC deletes a stage's outputs before running it, so a stage that was killed half-way would start
from nothing. A `Scratch` lives outside the outputs, under a name derived from everything the work
depends on: the same inputs find their finished parts again, other inputs never see them.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from restem.core.errors import ResumeError
from restem.core.seeds import stable_hash

log = logging.getLogger(__name__)


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
    """Write beside, sync, rename: readers see the old file or the new one, never a part.

    Hard links to the old file (DVC's cache) keep the old content. What a kill leaves behind ends in
    `.partial`, which DVC and git ignore. Raises: ResumeError.
    """
    partial = path.parent / f".{path.name}.{os.getpid()}.partial"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError as error:
        raise ResumeError(
            f"cannot write {path}: {error.strerror}. Finished parts are kept; "
            "free some space and run `dvc repro` again."
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def scratch_root() -> Path:
    """`.dvc/tmp/restem` of the main checkout: DVC sets DVC_ROOT also for experiments in a copy."""
    return Path(os.environ.get("DVC_ROOT", ".")) / ".dvc" / "tmp" / "restem"


@contextmanager
def scratch(stage: str, inputs: Mapping[str, object], keep: bool = False) -> Iterator[Scratch]:
    """The scratch folder of this work, for one process at a time.

    inputs: everything the work depends on, JSON-able.

    It outlives the work, so that the same work waiting in another queue worker, or restarted while
    an orphan of a killed `dvc repro` was still at it, finds everything done. The stage's next work
    sweeps it away, unless `keep` (samples are kept, since more of them may be asked for later;
    deleting `.dvc/tmp/restem` frees the space).
    """
    root = scratch_root()
    path = root / f"{stage}-{stable_hash(stage, inputs)[:16]}"
    with _locked(path):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResumeError(f"cannot create {path}: {error.strerror}") from error
        (path / ".finished").unlink(missing_ok=True)
        for old in [] if keep else root.glob(f"{stage}-*/.finished"):
            _sweep(old.parent)
        yield Scratch(path)
        (path / ".finished").touch()


@contextmanager
def _locked(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a scratch folder; it lies outside the folder, which may be deleted.

    Raises: BlockingIOError if somebody else holds it and `wait` is off.
    """
    locks = path.parent / "locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock = (locks / path.name).open("w")
    except OSError as error:
        raise ResumeError(f"cannot lock {path}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise
            log.info("waiting for another process that does the same work in %s", path)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep(old: Path) -> None:
    """Delete a finished folder, unless somebody is at it."""
    with suppress(BlockingIOError), _locked(old, wait=False):
        if (old / ".finished").exists():
            shutil.rmtree(old, ignore_errors=True)
