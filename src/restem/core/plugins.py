"""Import the plug-in a params value names; an unknown name lists the files there are."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
from pathlib import Path
from types import ModuleType

from restem.core.errors import ParamsError

KINDS = {"task": ("restem.tasks", "problems"), "reward": ("restem.rewards", "open_reward"),
         "engine": ("restem.sampling", "open_engine")}  # fmt: skip


def names(kind: str) -> list[str]:
    """Every plug-in of a kind ("task", "reward", "engine"): files with its entry point."""
    package, entry = KINDS[kind]
    found = []
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        spec = importlib.util.find_spec(f"{package}.{info.name}")
        if (
            spec
            and spec.origin
            and f"\ndef {entry}(" in Path(spec.origin).read_text(encoding="utf-8")
        ):
            found.append(info.name)
    return sorted(found)


def check(kind: str, name: str) -> None:
    """Raises: ParamsError if no file of that kind has this name."""
    known = names(kind)
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        folder = KINDS[kind][0].replace(".", "/")
        raise ParamsError(
            f"{kind}: unknown name {name!r} (params.yaml); "
            f"src/{folder} has {', '.join(known)}.{hint}"
        )


def load(kind: str, name: str) -> ModuleType:
    """The module behind `kind: name` of params.yaml. Raises: ParamsError if there is no file."""
    check(kind, name)
    return importlib.import_module(f"{KINDS[kind][0]}.{name}")
