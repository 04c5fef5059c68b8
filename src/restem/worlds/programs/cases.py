"""Unit tests of a problem, drawn until they catch every mistake that its authors could make.

Mistakes are the wrong twins of each step, a step left out, neighbours swapped, and input that is
not parsed. A problem with a mistake that no test catches is no good: it would reward wrong
programs. Neighbours may be swapped where that makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from restem.worlds.programs.chains import Chain

CASES = 6  # tests of a problem; more where it takes more to catch everything
DISTINCT = 3  # different results at least, so that no constant program passes
TRIES = 40  # lists drawn, after which a problem is given up
TRIVIAL: tuple[object, ...] = (0, [])  # results that are too often right by accident


@dataclass(frozen=True, slots=True)
class Case:
    """One unit test."""

    numbers: tuple[int, ...]
    result: int | tuple[int, ...]
    """What the right program makes of them; a list as a tuple."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong way through a chain, which is right up to a point."""

    start: int
    """The right steps before it; -1 for input that is not parsed."""
    steps: Chain
    """What follows."""
    may_pass: bool = False
    """Whether it can be right after all."""

    def caught(self, trace: Sequence[Any]) -> bool:
        """Whether its result differs from the right one; trace: of the right chain."""
        a = " ".join(map(str, trace[0])) if self.start < 0 else trace[self.start]
        try:
            for step in self.steps:
                a = step.apply(a)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return True
        return bool(a != trace[-1]) and str(a) != str(trace[-1])


def mistakes(chain: Chain) -> Iterator[Mistake]:
    """All that can go wrong with one step, or between two."""
    yield Mistake(-1, chain)
    for number, step in enumerate(chain):
        after = chain[number + 1 :]
        for twin in step.twins():
            yield Mistake(number, (twin, *after))
        if after:
            yield Mistake(number, after)
        if len(after) > 1:
            yield Mistake(number, (after[0], step, *after[1:]), may_pass=True)


def traced(chain: Chain, numbers: list[int]) -> list[Any] | None:
    """The list before each step, and the result; None if there is none, or a trivial one."""
    trace: list[Any] = [numbers]
    try:
        for step in chain:
            trace.append(step.apply(trace[-1]))
    except (LookupError, ValueError):  # of an empty list
        return None
    return None if trace[-1] in TRIVIAL else trace


def draw_cases(chain: Chain, rng: Random) -> list[Case] | None:
    """Unit tests, those that catch most first; None if they cannot catch every mistake."""
    alive = list(mistakes(chain))
    catching: list[Case] = []
    others: list[Case] = []
    for _ in range(TRIES):
        high = rng.choice((10, 20))
        trace = traced(chain, [rng.randint(-12, high) for _ in range(rng.randint(4, 8))])
        if trace is None:
            continue
        left = [mistake for mistake in alive if not mistake.caught(trace)]
        (catching if len(left) < len(alive) else others).append(case(trace))
        alive = left
        if not alive and len(catching) + len(others) >= CASES:
            break
    cases = (catching + others)[: max(CASES, len(catching))]
    if len(cases) < CASES or len({case.result for case in cases}) < DISTINCT:
        return None
    return cases if all(mistake.may_pass for mistake in alive) else None


def case(trace: Sequence[Any]) -> Case:
    result = trace[-1]
    return Case(tuple(trace[0]), tuple(result) if isinstance(result, list) else result)


def stdin_tests(cases: Sequence[Case]) -> dict[str, object]:
    """As in APPS: what a program reads and prints."""
    return {
        "inputs": [" ".join(map(str, case.numbers)) + "\n" for case in cases],
        "outputs": [f"{shown(case)}\n" for case in cases],
    }


def function_tests(cases: Sequence[Case], header: str, canonical: str) -> dict[str, object]:
    """As in HumanEval: `header` and a body make the function that is checked."""
    asserts = [f"    assert candidate({list(c.numbers)}) == {shown(c)}\n" for c in cases]
    return {
        "prompt": header,
        "entry_point": "f",
        "test": "def check(candidate):\n" + "".join(asserts),
        "canonical_solution": canonical,
    }


def shown(case: Case) -> str:
    """The result as Python prints it."""
    return str(list(case.result) if isinstance(case.result, tuple) else case.result)
