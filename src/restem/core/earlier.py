"""The outputs that DVC deleted before it ran a stage which then failed: whether they can come back.

DVC deletes a stage's outputs first. What was committed to its cache is still there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

LOCK, CACHE = Path("dvc.lock"), Path(".dvc/cache/files/md5")


def hint(stage: str) -> str:
    """How to get the outputs of an earlier run back, "" if there is nothing to get.

    stage: its name as DVC tells it, such as sample@1.
    """
    outs = _locked_outs(stage)
    gone = [path for path, md5 in outs.items() if not Path(path).exists() and _cached(md5)]
    if not gone:
        return ""
    return f" The earlier {' and '.join(gone)} can come back: `dvc checkout {stage}`."


def is_settled(stage: str) -> bool:
    """Whether the stage ran with the values that params.yaml has now, here or where dvc.lock came
    from: nothing is made anew for their sake."""
    import yaml

    try:
        values = yaml.safe_load(Path("params.yaml").read_text("utf-8"))
        recorded = _entry(stage)["params"]["params.yaml"]
        return all(values[name] == value for name, value in recorded.items())
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return False


def _locked_outs(stage: str) -> dict[str, str]:
    """Path and MD5 of the outputs that dvc.lock names."""
    try:
        return {str(out["path"]): str(out["md5"]) for out in _entry(stage)["outs"]}
    except (KeyError, TypeError):
        return {}


def _entry(stage: str) -> Any:
    """What dvc.lock says of a stage; nothing where it is missing or was cut by a kill."""
    import yaml

    try:
        lock = yaml.load(LOCK.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return lock["stages"][stage]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return {}


def _cached(md5: str) -> bool:
    return (CACHE / md5[:2] / md5[2:]).is_file()
