"""A stage ends with the `dvc` that started it, and its processes with the stage.

Were DVC killed alone, its stage would live on, and write its outputs later, under an experiment
that has begun meanwhile with other parameters.
"""

from __future__ import annotations

import os
import threading

PARENT = "RESTEM_PARENT"  # environment: the process that starts others that end with it


def end_with_dvc() -> None:
    """Watch the nearest ancestor that is DVC, if there is one, and end this process with it.

    Outputs are written whole or not at all and finished parts are kept, so it is safe anywhere.
    """
    import psutil

    for ancestor in psutil.Process().parents():
        try:
            words = ancestor.cmdline()[:3]
        except psutil.Error:
            continue
        if any(os.path.basename(word) == "dvc" for word in words) or "dvc" in words:
            threading.Thread(target=_follow, args=(ancestor,), daemon=True).start()
            return


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
