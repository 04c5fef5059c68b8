"""What a program may use over all its runs: enough for honest ones, and no more."""

from __future__ import annotations

import pytest

from restem.core.records import TIME_LIMIT
from restem.rewards.programs.rulings import Ruling, fault
from restem.rewards.sandbox.client import Box, Budget, Limits, Run
from restem.rewards.sandbox.protocol import Answer

BURN = "import time\nwhile time.process_time() < {}: pass\n"


def used(cpu_s: float, idle_s: float) -> Answer:
    return Answer("ran", cpu_s=cpu_s, idle_s=idle_s)


def runs(budget: Budget, answer: Answer, most: int) -> int:
    """How many runs that each use this much it allows."""
    for number in range(most):
        budget.begin()
        budget.spend(answer)
        if budget.cpu_s < 0 or budget.idle_s < 0:
            return number
    return most


@pytest.mark.parametrize(
    ("cpu_limit", "each", "allowed"),
    [
        (1.0, used(0.1, 0.0), 1000),  # a tenth of the limit, and a tenth of a second, are free
        (10.0, used(1.0, 0.0), 1000),
        (0.5, used(0.1, 0.1), 1000),
        (1.0, used(1.0, 0.0), 4),
        (10.0, used(9.9, 0.0), 4),
        (10.0, used(5.0, 0.0), 10),
        (2.0, used(0.0, 7.3), 1),
        (10.0, used(0.0, 31.0), 1),
        (1.0, used(0.0, 1.0), 5),
    ],
)
def test_so_many_runs_are_allowed(cpu_limit: float, each: Answer, allowed: int) -> None:
    assert runs(Budget(Limits(cpu_limit, 256)), each, 1000) == allowed


def test_a_run_at_its_limits_fits_into_what_a_program_has() -> None:
    limits = Limits(2.0, 256)
    budget = Budget(limits)
    budget.begin()
    assert budget.cpu_s >= limits.cpu_s
    assert budget.idle_s >= limits.wall_s


def test_a_hundred_runs_of_a_tenth_of_the_limit_pass(box: Box) -> None:
    with box.program(BURN.format(0.01), Limits(0.2, 256)) as program:
        assert [program.run(b"").limit for _ in range(100)] == [""] * 100


@pytest.mark.slow
def test_a_program_that_works_on_each_run_is_ended(box: Box) -> None:
    with box.program(BURN.format(0.15), Limits(0.2, 256)) as program:
        ended = [program.run(b"").limit for _ in range(30)]
    assert "cpu" in ended
    assert set(ended[: ended.index("cpu")]) == {""}
    assert ended.index("cpu") >= 4


@pytest.mark.slow  # sleeps
def test_a_program_that_sleeps_on_each_run_is_ended(box: Box) -> None:
    with box.program("import time\ntime.sleep(1.5)", Limits(0.2, 256)) as program:
        ended = [program.run(b"").limit for _ in range(3)]
    assert ended == ["", "wall", "wall"]


@pytest.mark.slow  # sleeps
def test_each_program_has_time_of_its_own_and_worlds_may_share_it(box: Box) -> None:
    source, limits = "import time\ntime.sleep(1.5)", Limits(0.2, 256)
    shared = Budget(limits)
    found = []
    for budget in (None, None, shared, shared):
        with box.program(source, limits, budget) as program:
            found.append(program.run(b"").limit)
    assert found == ["", "", "", "wall"]


def test_a_run_without_any_time_left_is_not_the_machines_fault() -> None:
    ended = fault(Run(-9, "wall", b"", "", 0.0, 0.0), Limits(2.0, 256))
    assert ended == Ruling(TIME_LIMIT, "over the time it has for all its runs", again=False)
