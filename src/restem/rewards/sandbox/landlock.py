"""Landlock: a process and all below may open the listed files and nothing else.

Where the kernel's version has them, also: no TCP, no signals and no abstract sockets beyond the
sandbox. Source: linux/Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable

from restem.rewards.sandbox import kernel

_VERSION = 1
_PATH_BENEATH = 1

_READ_FILE, _READ_DIR, _WRITE_FILE = 1 << 2, 1 << 3, 1 << 1
_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights a version knows
_TCP = 0b11
_SCOPES = 0b11  # abstract unix sockets, signals


def version() -> int:
    """The kernel's Landlock version. Raises OSError where it is missing or switched off."""
    return kernel.call("landlock_create_ruleset", None, 0, _VERSION)


def prepare(readable: Iterable[str], devices: Iterable[str], at: int) -> kernel.Call:
    """Read beneath `readable`, read and write `devices`, nothing else: holds for the process that
    makes the call, which needs no_new_privs and the rules, kept open at the descriptor `at`.

    Raises: OSError.
    """
    known = version()
    files = (1 << _FS_RIGHTS[min(known, max(_FS_RIGHTS))]) - 1
    attributes = struct.pack("<QQQ", files, _TCP if known >= 4 else 0, _SCOPES if known >= 6 else 0)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    ruleset = kernel.call("landlock_create_ruleset", attributes, size, 0)
    for path in readable:
        _allow(ruleset, path, _READ_FILE | _READ_DIR)
    for path in devices:
        _allow(ruleset, path, _READ_FILE | _WRITE_FILE)
    os.dup2(ruleset, at)
    os.close(ruleset)
    return kernel.prepare("landlock_restrict_self", at, 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(os.fstat(beneath).st_mode):
        rights &= ~_READ_DIR
    rule = struct.pack("<Qi", rights, beneath)
    kernel.call("landlock_add_rule", ruleset, _PATH_BENEATH, rule, 0)
    os.close(beneath)
