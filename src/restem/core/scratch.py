"""Work that survives the process that did it.

DVC deletes a stage's outputs before running it, so a stage that was killed half-way would start
from nothing. A `Scratch` lives outside the outputs, under a name derived from everything the work
depends on: the same inputs find their finished parts again, other inputs never see them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from restem.core.errors import ResumeError
from restem.core.seeds import stable_hash


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


def code_digest(*packages: str) -> str:
    """A hash over restem's own source files in `packages`: work of other code is other work."""
    root = Path(__file__).parent.parent
    return digest(*sorted(file for package in packages for file in (root / package).rglob("*.py")))


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

    Hard links to the old file (DVC's cache) keep the old content. Raises: ResumeError.
    """
    partial = path.parent / f".{path.name}.{os.getpid()}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise ResumeError(
            f"cannot write {path}: {error.strerror}. Finished parts are kept; "
            "free some space and run `dvc repro` again."
        ) from error


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
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResumeError(f"cannot create {path}: {error.strerror}") from error
    with (path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (path / ".finished").unlink(missing_ok=True)
        for old in [] if keep else root.glob(f"{stage}-*/.finished"):
            shutil.rmtree(old.parent, ignore_errors=True)
        yield Scratch(path)
        (path / ".finished").touch()
