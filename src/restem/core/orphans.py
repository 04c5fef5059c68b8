"""A stage ends with the `dvc` that started it.

Were DVC killed alone, its stage would live on, and write its outputs later, under an experiment
that has begun meanwhile with other parameters.
"""

from __future__ import annotations

import os
import threading


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


def _follow(dvc: object) -> None:
    import psutil

    assert isinstance(dvc, psutil.Process)
    dvc.wait()
    os._exit(1)
