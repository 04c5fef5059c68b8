"""The outputs that DVC deleted before it ran a stage which then failed: whether they can come back.

DVC deletes a stage's outputs first. What was committed to its cache is still there.
"""

from __future__ import annotations

from pathlib import Path

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


def _locked_outs(stage: str) -> dict[str, str]:
    """Path and MD5 of the outputs that dvc.lock names."""
    import yaml

    try:
        lock = yaml.load(LOCK.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        outs = lock["stages"][stage]["outs"]
        return {str(out["path"]): str(out["md5"]) for out in outs}
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return {}  # no earlier run, or a lock that a kill has cut off


def _cached(md5: str) -> bool:
    return (CACHE / md5[:2] / md5[2:]).is_file()
