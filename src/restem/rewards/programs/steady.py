"""Makes tests ask the same each time they run: world B starts them once for each round of answers.

Clocks count their own readings, and what would draw on the system's randomness draws on a seeded
generator. Runs inside the sandbox.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_START_NS = 1_700_000_000_000_000_000
_TICK_NS = 1_000_000  # per reading, so that waiting loops end
Seed = int | float | str | bytes | bytearray | None
_CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time")
_SOURCES = ((os, "urandom"), (random, "_urandom"))  # SystemRandom and secrets read the second
_seed_of_random = random.seed


class _Seeded(random.Random):
    """Starts from 0 where nothing is given."""

    def seed(self, a: Seed = None, version: int = 2) -> None:  # type: ignore[override]  # as random.Random has it
        super().seed(0 if a is None else a, version)


@contextmanager
def steady() -> Iterator[None]:
    """Everything is as before afterwards, but for the state of `random`."""
    patches: list[tuple[object, str, object]] = [(random, "Random", _Seeded)]
    random.seed(0)
    generator = random.Random(0)
    patches += [(random, "seed", _seed)]
    patches += [(module, name, generator.randbytes) for module, name in _SOURCES]
    patches += _clocks()
    before = [(place, name, getattr(place, name)) for place, name, _ in patches]
    try:
        _set(patches)
        yield
    finally:
        _set(before)


def _set(values: list[tuple[object, str, object]]) -> None:
    for place, name, value in values:
        setattr(place, name, value)


def _seed(a: Seed = None, version: int = 2) -> None:
    _seed_of_random(0 if a is None else a, version)


def _clocks() -> list[tuple[object, str, object]]:
    now = [_START_NS]

    def in_ns() -> int:
        now[0] += _TICK_NS
        return now[0]

    def in_s() -> float:
        return in_ns() / 1e9

    clocks: dict[str, Callable[[], float]] = dict.fromkeys(_CLOCKS, in_s)
    clocks |= dict.fromkeys((f"{name}_ns" for name in _CLOCKS), in_ns)
    return [(time, name, clock) for name, clock in clocks.items()]
