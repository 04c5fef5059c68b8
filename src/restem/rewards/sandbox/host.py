"""One program's process: answers a box until the box ends the program.

In a PID namespace it is process 1, and everything below dies with it.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import CodeType

from restem.rewards.sandbox import child
from restem.rewards.sandbox.child import Place
from restem.rewards.sandbox.empty import empty_folder
from restem.rewards.sandbox.protocol import (
    COMPILED,
    END,
    MAX_ERRORS,
    MAX_OUTPUT,
    RAN,
    Answer,
    receive,
    send,
)
from restem.rewards.sandbox.watch import Bounds, Ended, cpu_s


class Fault(Exception):
    """The sandbox, not the program, failed."""


def serve(place: Place) -> CodeType | bytes:
    """Compile the program the box sends, then run it as often as the box asks.

    Returns, in each process that is to run the program, its code, compiled or marshalled;
    otherwise never. Raises: Fault, and EOFError if the box is gone.
    """
    ask = receive(0)
    bounds = Bounds(ask.cpu_s, ask.wall_s, place.base_bytes + (ask.memory_mb << 20))
    child.open_channels()
    waiting = child.fork(place, bounds, compiles=True)
    if waiting == 0:
        return child.compile_and_wait(ask.body, bounds)
    error = _compiled(place, bounds, waiting)
    send(1, Answer(COMPILED, error.encode("utf-8", "replace")[:MAX_ERRORS]))
    code = b"" if error else child.code()
    while True:
        ask = receive(0)
        if error or ask.kind == END:
            _discard(0 if error else waiting)
        run = bounds._replace(cpu_s=ask.cpu_s, idle_s=ask.wall_s)
        if waiting:
            pid, cpu_before, waiting = waiting, cpu_s(waiting), 0
            child.write(child.STREAMS[0], ask.body)
            os.eventfd_write(child.GO, 1)
        else:
            cpu_before = 0.0
            child.renew_streams()
            if place.folder:
                empty_folder(place.folder)
            child.write(child.STREAMS[0], ask.body)
            pid = child.fork(place, run, compiles=False)
            if pid == 0:
                return code
        send(1, _ran(place.watch.end(pid, run, cpu_before)))


def _compiled(place: Place, bounds: Bounds, pid: int) -> str:
    """Wait for the child that compiles: why it could not, or "" and it waits to run."""
    ended = place.watch.end(pid, bounds, event=child.COMPILED)
    if ended is None:
        return ""
    _check(ended)
    if ended.limit:
        # which of the two a busy compiler meets first depends on the machine's load
        spent = f"{bounds.cpu_s:g} CPU s or {bounds.wall_s:g} s by the clock"
        return f"compiling took more than {spent}"
    reason = child.tail(child.STREAMS[2]).decode("utf-8", "replace")
    crashed = f"compiling crashed (exit code {ended.exit_code})"
    return (reason or crashed) if ended.exit_code == 1 else crashed


def _ran(ended: Ended | None) -> Answer:
    """What a run did. Raises: Fault if it was not confined."""
    assert ended is not None
    if os.getpid() == 1:
        end_all_others()
    _check(ended)
    _, out, errors = child.STREAMS
    limit = ended.limit or ("output" if os.fstat(out).st_size > MAX_OUTPUT else "")
    output = child.head(out, MAX_OUTPUT)
    numbers = (ended.exit_code, ended.cpu_s, ended.wall_s, ended.idle_s)
    return Answer(RAN, output, child.tail(errors), limit, *numbers)


def _check(ended: Ended) -> None:
    if child.happened(child.ARMED):
        return
    reason = child.tail(child.STREAMS[2]).decode("utf-8", "replace")
    raise Fault(f"a process could not be confined: {reason or ended}")


def _discard(pid: int) -> None:
    """End this process, and the child that still waits to run, if any."""
    if pid:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os._exit(0)


def end_all_others() -> None:
    """Kill and reap every other process of the PID namespace this is process 1 of."""
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while os.waitpid(-1, 0)[0]:
            pass
