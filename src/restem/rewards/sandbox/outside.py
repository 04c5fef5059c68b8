"""What a sandbox asks of the machine's /proc, which no program sees: one folder, held open.

Where there is none, or it hides processes, the answers are missing and nothing else changes.
"""

from __future__ import annotations

import os
from contextlib import suppress

from restem.rewards.sandbox import kernel

_KILL_ME_FIRST = b"1000"


def open_proc() -> int:
    """A descriptor of /proc, to be inherited; -1 if there is none."""
    try:
        return os.open("/proc", os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return -1


def volunteer(proc: int) -> None:
    """Where memory is short, let the kernel end this process, and no judge or zygote.

    Its files in /proc are its own only while it is dumpable, and it is again until it is confined.
    """
    with suppress(OSError):
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
        score = os.open("self/oom_score_adj", os.O_WRONLY, dir_fd=proc)
        try:
            os.write(score, _KILL_ME_FIRST)
        finally:
            os.close(score)


def name_of(proc: int, pidfd: int) -> str:
    """A process's folder in /proc, whose numbers are not those of our namespace; "" if unknown."""
    for line in _read(proc, f"self/fdinfo/{pidfd}").splitlines():
        name, _, value = line.partition(":")
        if name == "Pid" and int(value) > 0:
            return value.strip()
    return ""


def threads(proc: int, name: str) -> int:
    """How many a process has; 0 if unknown."""
    fields = _read(proc, f"{name}/stat").rpartition(")")[2].split()
    return int(fields[17]) if len(fields) > 17 else 0


def waited_s(proc: int, name: str) -> float:
    """Seconds a process was ready to run and another one ran; 0 if unknown. Source:
    linux/Documentation/scheduler/sched-stats.rst."""
    fields = _read(proc, f"{name}/schedstat").split()
    return int(fields[1]) / 1e9 if len(fields) > 1 else 0.0


def _read(proc: int, path: str) -> str:
    try:
        file = os.open(path, os.O_RDONLY, dir_fd=proc)
    except OSError:
        return ""
    try:
        return os.read(file, 4096).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(file)
