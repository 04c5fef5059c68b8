"""What lies in the scratch store, .dvc/tmp/restem: samples that were drawn, work that was begun.

`dvc repro` finds samples and unfinished work here again, so that nothing is drawn twice. Outputs
and DVC's cache are elsewhere and never touched; what is freed here costs time alone, if it is
needed again.

examples
  python -m restem store ls                    what there is, largest first
  python -m restem store gc --dry-run          what would be freed
  python -m restem store gc                    free what params.yaml has no use for
  python -m restem store gc --older-than 30    only what was not used for 30 days
  python -m restem store gc --all              everything that no process is at
  python -m restem store adopt train@1         go on with what earlier code began; or `all`

states
  in use       a process is at it
  current      samples of the policies in models/ with the values in params.yaml
  earlier      the same, drawn by earlier code; `adopt` takes them over
  unfinished   of other values, or of another stage; `dvc repro` goes on with it
  old          the rest
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from restem.commands.store_adopt import adopt
from restem.core import params as params_file
from restem.core.adoption import INPUTS, is_earlier, stage_of
from restem.core.errors import DataError, ParamsError
from restem.core.params import Params
from restem.core.scratch import (
    FINISHED,
    lock_file,
    locked,
    remove,
    scratch_path,
    scratch_root,
)
from restem.sampling.contract import contract, policy
from restem.sampling.drawing import store_key

IN_USE, CURRENT, EARLIER, UNFINISHED, OLD = "in use", "current", "earlier", "unfinished", "old"
UNFINISHED_DAYS = 7.0
"""Unfinished work and samples of earlier code are kept for so long: somebody may go on with it."""
DAY_S = 86_400
Current = Mapping[Path, Mapping[str, object]]
"""Folders that params.yaml has a use for, and what they depend on."""
WORDS = {"engine": "", "policy": "policy ", "temperature": "T ", "top_k": "top-k ",
         "top_p": "top-p ", "max_new_tokens": "tokens ", "seed": "seed "}  # fmt: skip
"""Inputs of a stage that are shown, and how."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder of the store."""

    folder: str
    stage: str
    """With its iteration: `sample@1`."""
    inputs: str
    """What it depends on, in words."""
    parts: int
    """Files, those of samples are shards."""
    samples: int | None
    """Rows in the shards; None where they were not counted or there are none."""
    size: int
    """Bytes."""
    age_days: float
    """Since something in it was written."""
    state: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ls|gc|adopt", required=True)
    ls = actions.add_parser("ls", help="list what there is", description="List what there is.")
    ls.add_argument("--json", action="store_true", help="one JSON object")
    gc = actions.add_parser(
        "gc",
        help="free space",
        description="Free what no process is at, except samples that params.yaml and models/ "
        "have a use for, and unfinished work and samples of earlier code younger than "
        f"{UNFINISHED_DAYS:g} days.",
    )
    gc.add_argument(
        "--older-than", type=float, metavar="DAYS",
        help="only what was last used so many days ago (default 0; of unfinished work and samples "
        f"of earlier code {UNFINISHED_DAYS:g})",
    )  # fmt: skip
    gc.add_argument("--all", action="store_true", help="current samples and unfinished work, too")
    gc.add_argument("--dry-run", action="store_true", help="show it, free nothing")
    take = actions.add_parser(
        "adopt",
        help="go on with work of earlier code",
        description="Go on with shards, verdicts and checkpoints that other code made, if all else "
        "is equal: data, model, values. Lists the files that changed since. The report and MLflow "
        "will say it.",
    )
    take.add_argument("stages", nargs="+", metavar="STAGE",
                      help="sample@K, score@K, train@K, train@human, or all")  # fmt: skip
    for action in (ls, gc, take):  # __main__ takes them anywhere
        for words in (("-v", "--verbose"), ("-q", "--quiet")):
            action.add_argument(*words, action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Lines to show. Raises: DataError, ParamsError."""
    root = scratch_root()
    if not root.parents[1].is_dir():
        raise DataError(f"there is no {root.parents[1]}: {params_file.no_checkout()}")
    if arguments.action == "gc":
        yield from _collect(root, arguments.older_than, arguments.all, arguments.dry_run)
    elif arguments.action == "adopt":
        yield from adopt(params_file.load(), arguments.stages)
    else:
        yield from _list(root, arguments.json)


def _list(root: Path, as_json: bool) -> Iterator[str]:
    current = _current(params_file.load(), root)
    found = [entry for path in _folders(root) if (entry := _look(path, current))]
    entries = sorted((_counted(root, entry) for entry in found), key=lambda e: -e.size)
    total = sum(entry.size for entry in entries)
    if as_json:
        yield json.dumps({"path": str(root), "size": total, "folders": list(map(asdict, entries))})
        return
    if entries:
        yield (f"{'stage':<14}{'state':<12}{'parts':>7}{'samples':>12}{'size':>10}{'last used':>15}"
               "  depends on")  # fmt: skip
    for e in entries:
        samples = "" if e.samples is None else f"{e.samples:,}"
        yield (f"{e.stage:<14}{e.state:<12}{e.parts:>7,}{samples:>12}{_size(e.size):>10}"
               f"{_age(e.age_days):>15}  {e.inputs}").rstrip()  # fmt: skip
    yield f"{_size(total)} in {_number(len(entries))} of {root}"


def _collect(root: Path, older_than: float | None, everything: bool, dry: bool) -> Iterator[str]:
    if older_than is not None and not older_than >= 0:
        raise ParamsError(f"--older-than must be days, 0 or more, got {older_than:g}")
    current = {} if everything else _current(params_file.load(), root)
    word = "would free" if dry else "freed"
    folders, freed = _folders(root), []
    for path in folders:
        if entry := _free(path, current, older_than, everything, dry):
            freed.append(entry)
            yield (f"{word} {_size(entry.size):>10}  {entry.stage:<14}{entry.state}, "
                   f"last used {_age(entry.age_days)}  {entry.inputs}").rstrip()  # fmt: skip
    if not dry:
        _drop_leftovers(root)
    total = sum(entry.size for entry in freed)
    yield (f"{word} {_size(total)} in {_number(len(freed))} of {root}, "
           f"{len(folders) - len(freed)} kept")  # fmt: skip


def _free(
    path: Path, current: Current, older_than: float | None, everything: bool, dry: bool
) -> Entry | None:
    """What was freed. Under its lock: a stage that begins meanwhile waits, and makes its folder
    anew."""
    with suppress(BlockingIOError), locked(path, wait=False):
        entry = _look(path, current, mine=True)
        if entry and _doomed(entry, older_than, everything):
            if not dry:
                remove(path)
            return entry if dry or not path.exists() else None
        for partial in [] if dry else path.rglob(".*.partial"):  # of killed writes
            partial.unlink(missing_ok=True)
    return None


def _doomed(entry: Entry, older_than: float | None, everything: bool) -> bool:
    if everything:
        return entry.age_days >= (older_than or 0.0)
    patience = UNFINISHED_DAYS if entry.state in (UNFINISHED, EARLIER) else 0.0
    least = patience if older_than is None else older_than
    return entry.state in (OLD, UNFINISHED, EARLIER) and entry.age_days >= least


def _current(params: Params, root: Path) -> Current:
    """Where the E-steps of params.yaml have their samples, of policies there are, and what these
    depend on. Reads the policies whole, if there are samples of theirs in the store."""
    found = {}
    for number in range(1, params.iters + 1):
        k = str(number)
        if any(root.glob(f"sample-{k}-*")) and policy(k).is_dir():
            inputs = store_key(params, contract(params, k))
            found[scratch_path(f"sample-{k}", inputs)] = inputs
    return found


def _folders(root: Path) -> list[Path]:
    """Those of `remove`, cut off half-way, begin with a dot."""
    if not root.is_dir():
        return []
    return sorted(p for p in root.iterdir() if p.name[0] != "." and p.name != "locks")


def _look(path: Path, current: Current, mine: bool = False) -> Entry | None:
    """None if it is gone. mine: the caller holds its lock."""
    num_files, size, newest = 0, 0, 0.0
    for folder, _, names in os.walk(path):
        for file in (folder, *(os.path.join(folder, name) for name in names)):
            with suppress(FileNotFoundError):  # somebody is at it
                status = os.stat(file)
                newest = max(newest, status.st_mtime)
                size += status.st_size if file != folder else 0
        num_files += sum(name[0] != "." for name in names)
    if not newest:
        return None
    stage, _, _ = path.name.rpartition("-")
    name, _, iteration = stage.partition("-")
    return Entry(
        folder=path.name,
        stage=f"{name}@{iteration}" if iteration else name,
        inputs=_inputs(path),
        parts=num_files,
        samples=None,
        size=size,
        age_days=max(0.0, (time.time() - newest) / DAY_S),
        state=IN_USE if not mine and _is_held(path) else _rest(path, current),
    )


def _is_held(path: Path) -> bool:
    """Whether a process is at it."""
    if not lock_file(path).exists():
        return False
    try:
        with locked(path, wait=False):
            return False
    except BlockingIOError:
        return True


def _rest(path: Path, current: Current) -> str:
    if path in current:
        return CURRENT
    if any(stage_of(path) == stage_of(p) and is_earlier(path, i) for p, i in current.items()):
        return EARLIER
    return OLD if (path / FINISHED).exists() else UNFINISHED


def _inputs(path: Path) -> str:
    """In words, as far as there are any: `hf, policy 6fd1c2aa, T 0.7, ...`."""
    try:
        inputs = json.loads((path / INPUTS).read_bytes())
    except (OSError, ValueError):  # cut off before it was written
        return ""
    sampling = inputs.get("sampling", {})
    values: Mapping[str, object] = {**inputs, **(sampling if isinstance(sampling, dict) else {})}
    shown = {name: str(values[name]) for name in WORDS if name in values}
    return ", ".join(
        f"{WORDS[name]}{value[:8] if name == 'policy' else value}" for name, value in shown.items()
    )


def _counted(root: Path, entry: Entry) -> Entry:
    """With the number of samples, read from the end of each shard."""
    if not entry.stage.startswith("sample@"):
        return entry
    shards = [file for file in (root / entry.folder).glob("s*") if file.name[0] != "."]
    return replace(entry, samples=sum(map(_num_rows, shards)))


def _num_rows(shard: Path) -> int:
    """Raises: DataError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pa.PythonFile(shard.open("rb"), mode="r") as file:
            return int(pq.read_metadata(file).num_rows)
    except FileNotFoundError:  # freed meanwhile
        return 0
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise DataError(f"{shard} is no Parquet file: {reason}. Delete it.") from error


def _drop_leftovers(root: Path) -> None:
    """What killed deletions left, and locks of folders that are gone."""
    for grave in root.glob(".*.partial"):
        path = root / grave.name.removeprefix(".").removesuffix(".partial")
        with suppress(BlockingIOError), locked(path, wait=False):
            shutil.rmtree(grave, ignore_errors=True)
    for lock in root.glob("locks/*"):
        path = root / lock.name
        with suppress(BlockingIOError), locked(path, wait=False):
            if not path.exists():
                lock.unlink(missing_ok=True)


def _number(folders: int) -> str:
    return f"{folders} folder" if folders == 1 else f"{folders} folders"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _age(days: float) -> str:
    if days < 1 / 24:
        return f"{days * 1440:.0f} min ago"
    return f"{days * 24:.0f} h ago" if days < 2 else f"{days:.0f} days ago"
