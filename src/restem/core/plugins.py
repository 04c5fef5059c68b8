"""Import the plug-in a params value names; an unknown name lists the files there are."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from restem.core.errors import ParamsError
from restem.core.judging import AUTO
from restem.core.params import Machine, Score

if TYPE_CHECKING:
    from restem.core.protocols import Reward

KINDS = {"task": ("restem.tasks", "problems"), "reward": ("restem.rewards", "open_reward"),
         "engine": ("restem.sampling", "open_engine")}  # fmt: skip
CLUSTER = "cluster"
"""rewards/cluster.py opens any reward on a cluster."""


def names(kind: str) -> list[str]:
    """Every plug-in of a kind ("task", "reward", "engine"): files with its entry point."""
    package, entry = KINDS[kind]
    found = []
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        spec = importlib.util.find_spec(f"{package}.{info.name}")
        if (
            spec
            and spec.origin
            and f"\ndef {entry}(" in "\n" + Path(spec.origin).read_text(encoding="utf-8")
        ):
            found.append(info.name)
    return sorted(found)


def is_known(kind: str, name: str) -> bool:
    """Whether params.yaml may say `kind: name`."""
    return name in names(kind) or (kind, name) == ("reward", AUTO)


def check(kind: str, name: str) -> None:
    """Raises: ParamsError if no file of that kind has this name."""
    known = names(kind)
    if not is_known(kind, name):
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


def open_reward(name: str, score: Score, machine: Machine) -> AbstractContextManager[Reward]:
    """The reward `name`, here or on the cluster that `score.cluster` says. Raises: ParamsError, and
    what the reward raises."""
    module = load("reward", name)
    if score.cluster == "ray":
        module = importlib.import_module(f"{KINDS['reward'][0]}.{CLUSTER}")
        opened: AbstractContextManager[Reward] = module.open_reward_on_cluster(name, score, machine)
    else:
        opened = module.open_reward(score, machine)
    return opened
