"""What a judge says of a program, and what a process that ended badly means."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, field

from restem.core.records import RUNTIME_ERROR, TIME_LIMIT
from restem.rewards.sandbox.client import Limits, Run

_IDLE_SHARE = 0.05  # of wall time: a process that used less CPU slept, and would sleep again
_RAISED = re.compile(r"([A-Za-z_][\w.]*)(?::.*)?")


@dataclass(frozen=True, slots=True)
class Ruling:
    outcome: str
    detail: str
    again: bool = False
    """Whether the machine's load may be to blame; worth one more run, alone."""
    cpu_s: float = field(default=0.0, compare=False)
    """Of a correct program: CPU seconds of its slowest run."""


def fault(run: Run, limits: Limits) -> Ruling | None:
    """What is wrong with how a process ended, None if it ended well."""
    if run.limit in ("cpu", "wall"):
        return _over_time(run, limits)
    if run.limit:
        return Ruling(RUNTIME_ERROR, "over 1 MB of output")
    if run.exit_code < 0:
        out_of_memory = run.exit_code == -signal.SIGKILL  # perhaps with what the others use
        return Ruling(RUNTIME_ERROR, f"killed by {_signal(-run.exit_code)}", out_of_memory)
    if run.exit_code:
        return Ruling(RUNTIME_ERROR, _exception(run.stderr) or f"exit code {run.exit_code}")
    return None


def _over_time(run: Run, limits: Limits) -> Ruling:
    """The same words for both limits: which one a busy program meets first depends on the load."""
    detail = f"over {limits.cpu_s:g} CPU s or {limits.wall_s:g} s by the clock"
    if run.cpu_s <= limits.cpu_s and run.wall_s < limits.wall_s:
        detail = "over the time it has for all its runs"
    worked = run.cpu_s > _IDLE_SHARE * run.wall_s
    again = run.limit == "wall" and worked and run.cpu_s < limits.cpu_s
    return Ruling(TIME_LIMIT, detail, again)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _exception(stderr: str) -> str:
    """Type of the exception that ended a program, as its traceback names it, "" without one."""
    if "Traceback (most recent call last)" not in stderr and "Error" not in stderr:
        return ""
    for line in reversed(stderr.rstrip().split("\n")):
        found = _RAISED.fullmatch(line)
        if found:
            return found[1][:80]
    return ""
