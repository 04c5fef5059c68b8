"""Empties the folder programs write to, whatever they left in it."""

from __future__ import annotations

import os
import stat


def empty_folder(path: str) -> None:
    """Delete everything in a folder, without following links, at any depth.

    Folders within folders are first moved up, so that neither names nor recursion grow with depth.
    Raises: OSError if something will not go.
    """
    top = os.fsencode(path)
    os.chmod(top, 0o1777)  # a program may have locked everybody out
    moved = 0
    while names := os.listdir(top):
        for name in names:
            entry = os.path.join(top, name)
            if not _is_folder(entry):
                os.unlink(entry)
                continue
            os.chmod(entry, 0o700)
            for inner in os.listdir(entry):
                moved = _move_up(os.path.join(entry, inner), top, moved)
            os.rmdir(entry)


def _move_up(entry: bytes, top: bytes, moved: int) -> int:
    """Delete a file, or move a folder to the top under a new number; returns the last number."""
    if not _is_folder(entry):
        os.unlink(entry)
        return moved
    os.chmod(entry, 0o700)  # only a folder one may write to can be moved
    while os.path.lexists(target := os.path.join(top, b"%d" % moved)):
        moved += 1
    os.rename(entry, target)
    return moved


def _is_folder(entry: bytes) -> bool:
    return stat.S_ISDIR(os.lstat(entry).st_mode)
