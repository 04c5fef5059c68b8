"""How a zygote is started: the command, its environment, its modules, and what programs may see."""

from __future__ import annotations

import marshal
import os
import shutil
import sys
import sysconfig
from functools import lru_cache
from importlib.resources import files
from types import CodeType

from restem.rewards.sandbox import world
from restem.rewards.sandbox.protocol import BUBBLEWRAP

_PACKAGE = "restem.rewards.sandbox"
_MODULES = (  # each needs only earlier ones
    *("syscalls", "kernel", "protocol", "seccomp", "landlock", "outside", "watch"),
    *("confine", "world"),
    *("empty", "child", "host", "execute", "zygote"),
)

PRELOAD = (
    *("collections", "heapq", "bisect", "itertools", "functools", "math", "re", "string", "random"),
    *("operator", "copy", "fractions", "decimal", "datetime", "typing", "threading", "queue"),
    *("array", "statistics", "json", "io", "traceback", "dataclasses"),
)
"""What programs import most; the others are imported as they ask."""

_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/box",
    "TMPDIR": "/box",
    "PYTHONHASHSEED": "0",  # hence not `python -I`, which would ignore it
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
)


def environment(stage: str) -> dict[str, str]:
    """All a program finds in os.environ."""
    return _ENVIRONMENT | ({} if stage == world.BOX else {"HOME": stage, "TMPDIR": stage})


@lru_cache(maxsize=1)
def bundle() -> bytes:
    """The zygote's modules, compiled, as `boot` reads them."""
    names = _PACKAGE.split(".")
    modules: list[tuple[str, CodeType | None]] = []
    modules += [(".".join(names[: n + 1]), None) for n in range(len(names))]
    for name in _MODULES:
        text = files(_PACKAGE).joinpath(f"{name}.py").read_text("utf-8")
        modules.append((f"{_PACKAGE}.{name}", compile(text, f"<sandbox {name}>", "exec")))
    data = marshal.dumps(modules)
    return len(data).to_bytes(8, "little") + data


def visible() -> tuple[str, ...]:
    """The interpreter's modules and libraries, and the system's; nothing else of its prefix."""
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    folders |= {f"{prefix}/lib" for prefix in prefixes} | {f"{prefix}/lib64" for prefix in prefixes}
    folders |= {path for path in sys.path if path.startswith(("/usr/lib", "/usr/local/lib"))}
    found = {os.path.abspath(path) for path in folders if path} | set(_SYSTEM)
    return tuple(sorted(path for path in found if os.path.exists(path)))


def command(tier: str, shown: tuple[str, ...], die_with_parent: bool) -> list[str]:
    """What to execute. Raises FileNotFoundError if the tier's program is missing."""
    boot = files(_PACKAGE).joinpath("boot.py").read_text("utf-8")
    python = [sys.executable, "-P", "-s", "-B", "-c", boot]
    return [*_bubblewrap(shown, die_with_parent), *python] if tier == BUBBLEWRAP else python


def _bubblewrap(shown: tuple[str, ...], die_with_parent: bool) -> list[str]:
    program = shutil.which("bwrap")
    if program is None:
        raise FileNotFoundError("the command bwrap is not installed")
    arguments = [program, "--unshare-all", "--unshare-user", "--new-session", "--as-pid-1"]
    arguments += ["--uid", "65534", "--gid", "65534", "--hostname", "sandbox", "--cap-drop", "ALL"]
    arguments += ["--die-with-parent"] if die_with_parent else []
    configuration = os.path.join(sys.prefix, "pyvenv.cfg")
    for path in [*shown, configuration]:
        if os.path.islink(path):
            arguments += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            arguments += ["--ro-bind", path, path]
    arguments += ["--ro-bind", os.path.realpath(sys.executable), sys.executable]
    for device in world.DEVICES:
        arguments += ["--dev-bind", device, device]
    size = str(world.BOX_BYTES)
    arguments += ["--perms", "1777", "--size", size, "--tmpfs", world.BOX]
    if not any(path.startswith("/tmp/") for path in (*shown, sys.executable)):
        arguments += ["--symlink", "box", "/tmp"]
    return [*arguments, "--remount-ro", "/", "--chdir", world.BOX, "--"]
