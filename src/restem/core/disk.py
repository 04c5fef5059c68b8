"""What to say when a file cannot be written, above all when the disk is full.

Each library has its own error for that. `unwritable` makes one line of them all: which file, how
much is free, what to do.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from restem.core.errors import ResumeError

FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than allowed (`ulimit -f`)",
}
# What SQLite says; other libraries quote the system's words.
_WORDS = {**{os.strerror(code): code for code in FULL}, "disk is full": errno.ENOSPC}


def full(error: BaseException) -> str:
    """Why there was no room for a file, "" if the error has another cause."""
    for one in _chain(error):
        codes = [one.errno] if isinstance(one, OSError) else []
        codes += [code for words, code in _WORDS.items() if words in str(one)]
        for code in codes:
            if code in FULL:
                return FULL[code]
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def unwritable(path: Path, error: BaseException) -> ResumeError:
    """The error to raise, `from error`, when `path` could not be written."""
    if reason := full(error):
        return ResumeError(
            f"cannot write {path}: {reason} ({size(free(path))} free). Finished parts are kept: "
            "free some space (`restem store ls` shows what restem holds), then run again."
        )
    lines = str(error).splitlines() or [type(error).__name__]
    said = getattr(error, "strerror", None) or lines[0]
    return ResumeError(f"cannot write {path}: {said}. Finished parts are kept; mend it, run again.")


def free(path: Path) -> int:
    """Bytes that are free where `path` is or would be."""
    there = next((p for p in (path, *path.absolute().parents) if p.exists()), Path("/"))
    return shutil.disk_usage(there).free


def size(num_bytes: float) -> str:
    """In the largest unit that leaves a number above 1."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if num_bytes >= scale:
            return f"{num_bytes / scale:.1f} {unit}"
    return f"{num_bytes / 1e3:.0f} kB"
