"""What a killed `dvc` leaves that stops the next one. Looks, and changes nothing.

DVC writes two files in place, so that a kill cuts them anywhere: `dvc.lock` after every stage, and
`.dvc/tmp/rwlock`, its list of who reads and writes what. Git's index, which it stages results in,
it locks with a file that outlives it. Everything else it writes beside and renames; what that
leaves (`.….tmp`) takes space, and in the run cache hides the results of a stage.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from restem.core.processes import DVC, GIT, MLFLOW, QUEUE, exists, is_dvc, owner

LOCK = Path("dvc.lock")
RWLOCKS = (Path(".dvc/tmp/rwlock"), Path(".dvc/tmp/exps/rwlock"))
REPO_LOCK = Path(".dvc/tmp/lock")
CACHE = Path(".dvc/cache")
DATABASE = Path("mlflow.db")
OUTPUTS = tuple(map(Path, ("data/code", "data/plan", "data/problems", "data/iterations", "models",
                           "metrics")))  # fmt: skip
"""Where stages write; not all of data/, which holds what users put there."""
CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
STAGE = re.compile(r"^  (\S[^\n]*):$", re.MULTILINE)
HARDLINK = re.compile(r"^\s*hardlink_lock\s*=\s*true", re.MULTILINE | re.IGNORECASE)
MD5 = re.compile(r"^[0-9a-f]{32}(\.dir)?$")
UNFINISHED = re.compile(r"^\.[\w-]{22}\.tmp$|^\..*\.partial$")
"""Names that DVC and restem write under before they rename."""
IN_RUN_CACHE = re.compile(r"\.[\w-]{22}\.tmp$")


@dataclass(frozen=True, slots=True)
class Remain:
    """Something that was left."""

    path: Path
    what: str
    """What is wrong, to follow the path."""
    advice: str = ""
    """What the user must do; empty where `restem repair` mends it."""
    owners: frozenset[str] = frozenset({DVC})
    """Kinds of processes (`core/processes.py`) that it may belong to; none of them must live."""
    stops: bool = True
    """Whether DVC cannot go on with it."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A dvc.lock that can be read again."""

    text: str
    """Empty where nothing could be kept."""
    kept: int
    """Stages kept from the broken file."""
    committed: int
    """Stages taken from the last commit."""


def stages_of(text: str) -> dict[str, str]:
    """The text of every stage of a dvc.lock by name, in order, whether whole or not."""
    start = text.find("\nstages:\n")
    body = text[start + len("\nstages:\n") :] if start >= 0 else ""
    following = re.search(r"^\S", body, re.MULTILINE)  # another section
    body = body[: following.start()] if following else body
    heads = list(STAGE.finditer(body))
    ends = [*(head.start() for head in heads[1:]), len(body)]
    return {head[1]: body[head.start() : end] for head, end in zip(heads, ends, strict=False)}


def mended(broken: str, committed: str) -> Mended:
    """A dvc.lock out of what is whole in a broken one and, for the rest, in the committed one.

    The last stage of the broken one is not trusted: it is where the file was cut. DVC compares
    every entry with the files themselves, so that an old one costs a look into its cache.
    """
    cut = stages_of(broken)
    whole = {name: text for name, text in list(cut.items())[:-1] if is_whole(_lock({name: text}))}
    there = {name: text for name, text in stages_of(committed).items() if name not in whole}
    text = _lock({**whole, **there})
    if not is_whole(text):  # a committed file that is broken, too
        text, there = _lock(whole), {}
    return Mended(text if whole or there else "", len(whole), len(there))


def _lock(stages: Mapping[str, str]) -> str:
    return "schema: '2.0'\nstages:\n" + "".join(stages.values())


def is_whole(text: str) -> bool:
    """Whether DVC would read this dvc.lock, and it has its end.

    DVC takes half a hash for a hash. It would then miss those results in its cache, and make them
    again.
    """
    import yaml
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    try:
        read = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        COMPILED_LOCKFILE_SCHEMA(read)
    except (Invalid, yaml.YAMLError, UnicodeError):
        return False
    last: Mapping[str, list[dict[str, object]]] = [{}, *read.get("stages", {}).values()][-1]
    files = [*last.get("deps", []), *last.get("outs", [])]
    return text.endswith("\n") and all(_is_file_whole(f) for f in files if f.get("hash") == "md5")


def _is_file_whole(file: Mapping[str, object]) -> bool:
    """As DVC writes a file or a folder that it has hashed; `size` and `nfiles` come last."""
    found = MD5.match(str(file.get("md5")))
    return found is not None and "size" in file and (not found[1] or "nfiles" in file)


def find(root: Path) -> Iterator[Remain]:
    """What stops DVC, or will."""
    yield from _lock_file(root / LOCK)
    for path in RWLOCKS:
        yield from _rwlock(root / path)
    yield from _index_lock(root)
    yield from _hardlink_lock(root)
    yield from _mlflow(root / DATABASE)


def _lock_file(path: Path) -> Iterator[Remain]:
    if not path.is_file():
        return
    text = path.read_bytes().decode("utf-8", "surrogateescape")  # which no YAML reader takes
    if CONFLICT.search(text):
        advice = "resolve it, or `git checkout --ours dvc.lock`, then `dvc repro`"
        yield Remain(path, "holds an unresolved git merge", advice)
    elif not is_whole(text):
        yield Remain(path, "is empty" if not text.strip() else "was cut while DVC wrote it")


def _rwlock(path: Path) -> Iterator[Remain]:
    """DVC drops processes that are gone from it by itself, unless another one has their number, or
    their parent has not heard of their end."""
    if not path.is_file():
        return
    owners = frozenset({DVC, QUEUE})
    try:
        content = json.loads(path.read_bytes())
        readers = (entry for entries in content.get("read", {}).values() for entry in entries)
        entries = [*content.get("write", {}).values(), *readers]
        named = {int(entry["pid"]): str(entry["cmd"]) for entry in entries}
    except (ValueError, AttributeError, TypeError, KeyError):
        yield Remain(path, "was cut while DVC wrote it", owners=owners)
        return
    written = path.stat().st_mtime
    if strangers := [pid for pid, cmd in named.items() if _is_stranger(pid, cmd, written)]:
        pids = ", ".join(map(str, sorted(strangers)))
        yield Remain(path, f"names a dvc that has ended (process {pids})", owners=owners)


def _is_stranger(pid: int, cmd: str, written: float) -> bool:
    """Whether the number is taken, but not by the process that wrote the entry."""
    if not exists(pid):
        return False
    process = owner(pid)
    if process is None or process.started > written + 1:
        return True
    return not is_dvc(process.words) and not " ".join(process.words).endswith(cmd)


def _index_lock(root: Path) -> Iterator[Remain]:
    """DVC stages results with git at its end. A lock is its own if it was made while DVC held the
    repository, which its lock file tells: it bears the number of the last dvc and its time."""
    if not shutil.which("git"):
        return
    answer = subprocess.run(
        ["git", "rev-parse", "--git-path", "index.lock"], cwd=root, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    path = root / answer.stdout.strip()
    if answer.returncode != 0 or not path.is_file():
        return
    try:
        pid, held = int((root / REPO_LOCK).read_text().strip()), (root / REPO_LOCK).stat().st_mtime
    except (OSError, ValueError):
        pid, held = 0, float("inf")
    if owner(pid) is None and held <= path.stat().st_mtime:
        what = "was left by a dvc that was killed while it staged results"
        yield Remain(path, what, owners=frozenset({DVC, QUEUE, GIT}))
    else:
        advice = f"if no git runs here, `rm {os.path.relpath(path, root)}`"
        yield Remain(path, "stops git and dvc", advice)


def _hardlink_lock(root: Path) -> Iterator[Remain]:
    """`core.hardlink_lock` keeps a lock as a file with two names, on any machine's behalf."""
    path = root / REPO_LOCK
    files = [root / ".dvc" / name for name in ("config", "config.local")]
    settings = "".join(file.read_text("utf-8", "replace") for file in files if file.is_file())
    if HARDLINK.search(settings) and path.is_file() and path.stat().st_nlink > 1:
        advice = f"if no dvc runs here, on any machine, `rm {REPO_LOCK}`"
        yield Remain(path, "is held (core.hardlink_lock is on)", advice)


def _mlflow(path: Path) -> Iterator[Remain]:
    """A database whose creation was cut short cannot be opened again; it holds no run."""
    if not path.is_file():
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            rows = (
                database.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
                for table in ("experiments", "runs")
                if table in tables
            )
            begun = any(rows)  # the last that MLflow creates is its first experiment
    except sqlite3.OperationalError:  # somebody is at it
        return
    except sqlite3.DatabaseError:
        advice = "move it away; `dvc repro -fs track` records the present experiment in a new one"
        yield Remain(path, "is damaged", advice, stops=False)
        return
    if not begun:
        what = "was cut while MLflow created it (it holds no run)"
        yield Remain(path, what, owners=frozenset({DVC, QUEUE, MLFLOW}))


def litter(root: Path) -> Iterator[Path]:
    """Unfinished files and folders that nobody will finish."""
    for folder in OUTPUTS:
        yield from _walk(root / folder, UNFINISHED)
    if not (root / CACHE).is_symlink():
        yield from _walk(root / CACHE / "files", UNFINISHED)
        yield from _walk(root / CACHE / "runs", IN_RUN_CACHE)


def _walk(folder: Path, pattern: re.Pattern[str]) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            if pattern.search(name):
                yield Path(here, name)
        folders[:] = [name for name in folders if not pattern.search(name)]
