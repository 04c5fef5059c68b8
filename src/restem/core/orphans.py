"""A stage ends with the `dvc` that started it, and its processes with the stage.

Were DVC killed alone, its stage would live on, and write its outputs later, under an experiment
that has begun meanwhile with other parameters.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from restem.core.processes import is_dvc, owner

RWLOCK = Path(".dvc/tmp/rwlock")
PARENT = "RESTEM_PARENT"  # environment: the process that starts others that end with it


def end_with_dvc() -> None:
    """Watch the nearest ancestor that is DVC, if there is one, and end this process with it.

    Outputs are written whole or not at all and finished parts are kept, so it is safe anywhere.
    """
    import psutil

    for ancestor in psutil.Process().parents():
        if (found := owner(ancestor.pid)) and is_dvc(found.words):
            threading.Thread(target=_follow, args=(ancestor,), daemon=True).start()
            return
    if _has_ended():
        os._exit(1)


def _has_ended() -> bool:
    """Whether the dvc that started this stage was killed before the stage could look for it: none
    of the processes that hold its outputs, by DVC's own list, lives."""
    try:
        content = json.loads(RWLOCK.read_bytes())
        pids = {int(holder["pid"]) for holder in content["write"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return bool(pids) and all(owner(pid) is None for pid in pids)


def end_with_parent(parent: int | None = None) -> None:
    """End this process with the one that started it (its process id, if it is not in the
    environment), also if that has ended already; children that call this end with this one."""
    import psutil

    expected = parent or int(os.environ.get(PARENT, os.getppid()))
    os.environ[PARENT] = str(os.getpid())
    found = psutil.Process().parent()
    if found is None or found.pid != expected:
        os._exit(1)
    threading.Thread(target=_follow, args=(found,), daemon=True).start()


def _follow(other: object) -> None:
    import psutil

    assert isinstance(other, psutil.Process)
    other.wait()
    os._exit(1)
