"""The time limit of a problem, from what its reference solutions take.

Most of a score's time goes to programs that never end, and each of them takes what the limit
allows. `score.cpu_s` must suit the slowest problem there is; nearly all references need
milliseconds. So `prepare` measures them and writes a limit of its own into each problem's tests.

Measured times vary with machine and load, and `data/problems` must not. So a limit is one of few
steps, a factor of ten apart, and a reference that just misses a quicker step runs again, alone:
load only ever adds CPU time, so the quickest run counts. NOTE: a reference whose quickest run is
within a few percent of a step's end may still fall on either side on two machines. Its limit is
then 20 or 200 times its time; it decides about no program in between that is less than 20 times
slower than the reference.
"""

from __future__ import annotations

import re

TIMES = 20  # a right program may take this many times what the slowest reference takes
FIRST_S = 1.0  # below, the interpreter's own start and a loaded machine would decide
STEP = 10.0  # between two limits
RUNS = 3  # of a reference that just misses a quicker step
_JUST = 2.0  # times the end of the step
_TESTS = re.compile(r'\s*\{\s*"tests"\s*:\s*\{')


def limit_s(slowest_s: float) -> float:
    """The limit for a test, in CPU seconds: the first step that is `TIMES` the reference's."""
    step = FIRST_S
    while step < TIMES * slowest_s:
        step *= STEP
    return step


def just_misses(slowest_s: float) -> bool:
    """Whether another run may well show that a quicker step is enough."""
    lower = limit_s(slowest_s) / STEP
    return lower >= FIRST_S and TIMES * slowest_s < _JUST * lower


def with_limit(gold: str, seconds: float) -> str:
    """The gold with a limit in its tests, all else as it is: its numbers may be too long to parse.

    A limit that stands in the tests already comes after this one, and so holds on.
    """
    found = _TESTS.match(gold)
    if found is None:
        return gold
    comma = "" if re.match(r"\s*\}", gold[found.end() :]) else ", "
    return f'{found[0]}"cpu_s": {seconds:g}{comma}{gold[found.end() :]}'
