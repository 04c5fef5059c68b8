"""Which processes are at work in a repository."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

DVC, QUEUE, GIT, MLFLOW = "dvc", "queue", "git", "mlflow"
"""Kinds: dvc or a stage; the same for queued experiments, in copies; git; MLflow."""
STAGES = Path(__file__).parent.parent / "stages"


@dataclass(frozen=True, slots=True)
class Owner:
    """A process."""

    pid: int
    words: tuple[str, ...]
    """Its command line."""
    started: float
    """Seconds since the epoch."""
    kind: str = ""
    """What it does in a repository."""


def is_dvc(words: Sequence[str]) -> bool:
    """Whether this command line is DVC's."""
    names = [os.path.basename(word) for word in words]
    runs = names[:1] if not names or not names[0].startswith("python") else names[1:2]
    modules = [word for option, word in pairwise(words) if option == "-m"]
    return "dvc" in runs or modules[:1] == ["dvc"]


def is_stage(words: Sequence[str]) -> bool:
    """Whether this command line runs a stage of ours."""
    heads = [i for i, word in enumerate(words[:4]) if os.path.basename(word) == "restem"]
    asked = [word for word in words[heads[0] + 1 :] if not word.startswith("-")] if heads else []
    return bool(asked) and (STAGES / f"{asked[0]}.py").is_file()


def told(it: Owner) -> str:
    """A process as a user knows it: `dvc repro` (process 123)."""
    names = [os.path.basename(word) for word in it.words]
    first = next((i for i, name in enumerate(names) if name in ("dvc", "restem")), 0)
    return (
        f"`{' '.join([*names[first : first + 1], *it.words[first + 1 :]])[:80]}` (process {it.pid})"
    )


def exists(pid: int) -> bool:
    """Whether the number is taken, as DVC asks: by a process that has ended, too, until its parent
    has heard of it."""
    import psutil

    return bool(psutil.pid_exists(pid))


def owner(pid: int) -> Owner | None:
    """The living process with this number."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return None
        return Owner(pid, tuple(process.cmdline()), process.create_time())
    except (psutil.Error, ValueError, OverflowError):
        return None


def at_work(root: Path) -> Iterator[Owner]:
    """What is at work in this repository (an absolute path), other than this process and those
    that started it; git also where it has started this one, from a hook."""
    import psutil

    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        try:
            folder = Path(process.cwd())
        except (psutil.Error, OSError):
            continue
        if folder != root and root not in folder.parents:
            continue
        it = owner(process.pid)
        kind = _kind(it.words, folder.relative_to(root)) if it else ""
        if it and kind and (kind == GIT or it.pid not in own):
            yield replace(it, kind=kind)


def opened(root: Path) -> set[Path]:
    """Files below this folder (an absolute path) that some process has open."""
    import psutil

    found: set[Path] = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            paths = (Path(file.path) for file in process.open_files())
            found |= {path for path in paths if root in path.parents}
    return found


def _kind(words: Sequence[str], folder: Path) -> str:
    if is_dvc(words) or is_stage(words):
        return QUEUE if ".dvc" in folder.parts or "queue-worker" in words else DVC
    if words and os.path.basename(words[0]).partition("-")[0] == "git":
        return GIT
    return MLFLOW if any("mlflow" in word for word in words) else ""
