"""Boxes: one zygote each, in which programs run one after the other. Never hangs, never lies.

A `Run` is what a program did. Whatever goes wrong on the sandbox's own side raises BoxFault, ends
the zygote, and the next program gets a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from restem.rewards.sandbox.connection import BoxFault, Connection
from restem.rewards.sandbox.launch import PRELOAD
from restem.rewards.sandbox.protocol import COMPILED, END, PROGRAM, RAN, RUN, SLOWED, Answer, Ask

__all__ = ["Box", "BoxFault", "Budget", "Limits", "Program", "Run"]

_MARGIN_S = 20.0  # beyond a run's wall limit: what a loaded machine may take for the rest
_STDERR_CHARACTERS = 2000
_FULL_RUNS = 4
_PER_RUN_S = 0.1
_NUMPY = "numpy"  # a zygote that holds it is slower to copy, so that only its users pay for it


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use."""

    cpu_s: float
    """CPU seconds per run, and for compiling."""
    memory_mb: int
    """Address space beyond what the interpreter itself takes (RLIMIT_AS)."""

    @property
    def wall_s(self) -> float:
        """Seconds per run by the clock: wide, for a loaded machine must not change verdicts."""
        return SLOWED * self.cpu_s + 2


@dataclass(frozen=True, slots=True)
class Run:
    """What one fresh process that ran the program on one input did."""

    exit_code: int
    """0..255, or minus the number of the signal that ended it."""
    limit: str
    """What it went over: "" | "cpu" | "wall" | "output"."""
    stdout: bytes
    """At most 3 MB; of more (limit "output") the first 3 MB."""
    stderr: str
    """The last 2,000 characters."""
    cpu_s: float
    wall_s: float


class Budget:
    """What a program may use over all its runs, however many: a world's, or those of several.

    CPU time for four runs at their limit, and beyond that a tenth of it per run: what passes takes
    far less on most tests. Idling, as one run at its limit of wall time may, and a little per run.
    """

    def __init__(self, limits: Limits) -> None:
        self._share_s = max(limits.cpu_s / 10, _PER_RUN_S)
        self.cpu_s = _FULL_RUNS * limits.cpu_s
        """What is left of CPU seconds, and of seconds of idling."""
        self.idle_s = limits.wall_s

    def begin(self) -> None:
        """One more run."""
        self.cpu_s += self._share_s
        self.idle_s += _PER_RUN_S

    def spend(self, answer: Answer) -> None:
        """What that run has used."""
        self.cpu_s -= answer.cpu_s
        self.idle_s -= answer.idle_s


class Program:
    """A program in a world of its own: no run finds what an earlier one has left behind."""

    def __init__(
        self, connection: Connection, limits: Limits, compile_error: str, budget: Budget
    ) -> None:
        self.compile_error = compile_error or None
        """"SyntaxError: invalid syntax (line 3)", "compiling took more than ...", or None."""
        self._connection = connection
        self._limits = limits
        self._budget = budget

    def run(self, stdin: bytes) -> Run:
        """Run it once, as `python main.py < stdin`. Raises BoxFault, and ValueError for a program
        that did not compile."""
        if self.compile_error is not None:
            raise ValueError(f"a program that does not compile cannot run: {self.compile_error}")
        if self._connection.busy:
            raise BoxFault("this program's sandbox has failed before")
        within_s = self._limits.wall_s + _MARGIN_S
        budget = self._budget
        budget.begin()
        if budget.cpu_s <= 0 or budget.idle_s <= 0:
            return Run(-9, "cpu" if budget.cpu_s <= 0 else "wall", b"", "", 0.0, 0.0)
        ask = Ask(RUN, stdin, min(self._limits.cpu_s, budget.cpu_s), budget.idle_s)
        answer = self._connection.ask(ask, RAN, within_s)
        budget.spend(answer)
        stderr = answer.errors.decode("utf-8", "backslashreplace")[-_STDERR_CHARACTERS:]
        numbers = (answer.cpu_s, answer.wall_s)
        return Run(answer.exit_code, answer.limit, answer.output, stderr, *numbers)


class Box:
    """A place where programs run, one at a time. For one thread at a time."""

    def __init__(self, tier: str) -> None:
        """Starts nothing yet. tier: "namespaces" | "bubblewrap" | "landlock" | "unsafe"."""
        self.tier = tier
        self._connections: dict[str, Connection] = {}
        """By the library they have loaded beforehand; "" = none but the standard one."""

    @contextmanager
    def program(
        self, source: str, limits: Limits, budget: Budget | None = None
    ) -> Iterator[Program]:
        """A fresh world for a program. budget: for all its worlds; None = it has this one only.
        Raises BoxFault."""
        connection = self._idle(_NUMPY if _NUMPY in source else "")
        try:
            body = source.encode("utf-8", "surrogatepass")
            ask = Ask(PROGRAM, body, limits.cpu_s, limits.wall_s, limits.memory_mb)
            answer = connection.ask(ask, COMPILED, limits.wall_s + _MARGIN_S)
            error = answer.output.decode("utf-8", "replace")
            yield Program(connection, limits, error, budget or Budget(limits))
        finally:
            self._leave(connection)

    def start(self) -> None:
        """Start the zygote now instead of with the first program. Raises BoxFault."""
        self._idle("")

    def close(self) -> None:
        """End everything in the box; a later program starts it anew."""
        while self._connections:
            self._connections.popitem()[1].end()

    def _idle(self, library: str) -> Connection:
        """A zygote that has this library loaded; a new one if there is none or it has died."""
        found = self._connections.get(library)
        if found is not None and not found.idle():
            self._connections.pop(library).end()
        if library not in self._connections:
            preload = (*PRELOAD, library) if library else PRELOAD
            self._connections[library] = Connection(self.tier, preload)
        return self._connections[library]

    def _leave(self, connection: Connection) -> None:
        """Tell the zygote to end the program's world; end the zygote if it is not listening."""
        if not connection.busy:
            with suppress(BoxFault):
                connection.tell(Ask(END), _MARGIN_S)
                return
        connection.end()
        self._connections = {k: c for k, c in self._connections.items() if c is not connection}
