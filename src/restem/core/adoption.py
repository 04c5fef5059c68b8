"""Work of earlier code: its scratch folder differs from the one that is asked for in code alone.

A stage never goes on with it by itself. `restem store adopt` takes it over, and the record of that
stays with the work, so that the stage can tell it in its output.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from restem.core import identity
from restem.core.seeds import stable_hash

INPUTS, ADOPTED = ".inputs", ".adopted"
"""Files of a scratch folder: what its work depends on; which parts were made by which other code.
"""
CODE = ("code", "made_by")
"""Inputs that may differ: digests by file, and versions of libraries."""
UNKNOWN = {"reward", "check_engine"}
"""Inputs that the earlier release, which kept one digest of all code, did not write down."""
PARTS = {"sample": "s[0-9]*", "score": "[0-9]*[0-9]", "train": "checkpoint-*"}
"""Files or folders that can be adopted, by stage."""
WHOLE = ("trained.json", "complete.json")
"""What training/checkpoints.py writes into a checkpoint last."""

Inputs = Mapping[str, object]
Changes = list[str] | None
"""Files and libraries that differ from today's; None where the earlier release kept no list."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A folder of the same work, begun by other code."""

    path: Path
    changed: Changes
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Adopted:
    """Parts of a folder that other code made."""

    changed: Changes
    parts: tuple[str, ...]

    def told(self, what: str) -> dict[str, object]:
        """For an output. what: the parts in words."""
        return {"what": what, "changed": self.changed}


def stage_of(path: Path) -> str:
    """`train@1` for the scratch folder train-1-5e884898da280471."""
    name, _, iteration = path.name.rpartition("-")[0].partition("-")
    return f"{name}@{iteration}" if iteration else name


def others(path: Path) -> list[Path]:
    """Other folders of a stage that have parts, last used first."""
    pattern = f"{path.name.rpartition('-')[0]}-*"
    found = [p for p in path.parent.glob(pattern) if p != path and parts(p)]
    return sorted(found, key=lambda p: (-p.stat().st_mtime_ns, p.name))


def earlier(path: Path, inputs: Inputs) -> list[Earlier]:
    """What can be adopted for the work in `path`, last used first."""
    now = _plain(inputs)
    return [
        Earlier(other, _changes(then, now), parts(other))
        for other in others(path)
        if (then := read_inputs(other)) is not None and not unequal(then, now)
    ]


def is_earlier(path: Path, inputs: Inputs) -> bool:
    """Whether the work in a folder is the same but for the code."""
    then = read_inputs(path)
    return then is not None and not unequal(then, _plain(inputs))


def unequal(then: Inputs, now: Inputs, prefix: str = "") -> list[str]:
    """Dotted names of inputs that differ, except the code."""
    found: list[str] = []
    names = then.keys() | now.keys()
    if not prefix and not isinstance(then.get("code"), dict):
        names -= UNKNOWN - then.keys()
    for name in sorted(names):
        old, new = then.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict) and name not in CODE:
            found += unequal(old, new, f"{prefix}{name}.")
        elif old != new and (prefix or name not in CODE):
            found.append(prefix + name)
    return found


def read_inputs(path: Path) -> Inputs | None:
    """None for a folder that was cut off before they were written."""
    try:
        return _plain(json.loads((path / INPUTS).read_bytes()))
    except (OSError, ValueError):
        return None


def _plain(inputs: Inputs) -> Inputs:
    """As JSON gives them back. Earlier releases wrote down the rows of a training themselves."""
    found: dict[str, object] = json.loads(json.dumps(inputs))
    if isinstance(rows := found.get("rows"), list):
        found["rows"] = stable_hash(rows)
    return found


def _changes(then: Inputs, now: Inputs) -> Changes:
    old, new = then.get("code"), now.get("code")
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [] if old == new else None
    return [*identity.changed(old, new), *_libraries(then.get("made_by"), now.get("made_by"))]


def _libraries(old: object, new: object) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                yield f"{name} {old.get(name)} -> {new.get(name)}"


def parts(path: Path) -> tuple[str, ...]:
    """Names of what can be adopted in a folder."""
    stage = path.name.partition("-")[0]
    found = sorted(path.glob(PARTS[stage])) if stage in PARTS else []
    return tuple(p.name for p in found if stage != "train" or _is_whole(p))


def _is_whole(checkpoint: Path) -> bool:
    """Whether a kill has not cut it while it was written."""
    return any((checkpoint / name).exists() for name in WHOLE)


def adopted(path: Path) -> list[Adopted]:
    """What stands in a folder's record."""
    now = read_inputs(path) or {}
    return [Adopted(_changes(entry, now), tuple(entry["parts"])) for entry in read_record(path)]


def read_record(path: Path) -> list[dict[str, list[str]]]:
    """Per earlier code: `parts`, and what stood for it in INPUTS."""
    file = path / ADOPTED
    found: list[dict[str, list[str]]] = json.loads(file.read_bytes()) if file.exists() else []
    return found


def record(taken: Sequence[Earlier], names: Sequence[Sequence[str]]) -> list[dict[str, object]]:
    """The record of taking over `names` of each of `taken`; what those had adopted themselves
    keeps the code that made it."""
    found: list[dict[str, object]] = []
    for one, mine in zip(taken, names, strict=True):
        rest = set(mine)
        for entry in read_record(one.path):
            if kept := sorted(rest & set(entry["parts"])):
                found.append({**entry, "parts": kept})
                rest -= set(kept)
        if rest:
            inputs = read_inputs(one.path) or {}
            code = {name: inputs[name] for name in CODE if name in inputs}
            found.append({**code, "parts": sorted(rest)})
    return found


def in_words(changed: Changes, most: int = 3) -> str:
    """ "a.py, b.py and 2 more changed since"."""
    if changed is None:
        return "made by an earlier release, which kept no list of its files"
    if not changed:
        return "made by the same code"
    more = f" and {len(changed) - most} more" if len(changed) > most else ""
    return f"{', '.join(changed[:most])}{more} changed since"
