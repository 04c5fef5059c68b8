"""Unit tests of a problem: right, varied, and too strong for any single mistake."""

from functools import cache
from itertools import product
from random import Random
from typing import Any

import pytest

from restem.worlds.programs.cases import (
    CASES,
    Case,
    Mistake,
    draw_cases,
    function_tests,
    mistakes,
    shown,
    stdin_tests,
)
from restem.worlds.programs.chains import CELLS, Chain, draw
from restem.worlds.programs.operations import OPERATIONS


@cache
def some_problems(each: int = 12) -> list[tuple[Chain, list[Case]]]:
    """Chains of every cell, with their tests."""
    found = []
    for cell in CELLS:
        rng = Random(f"{cell}")
        drawn = ((c, draw_cases(c, rng)) for c in iter(lambda: draw(cell, rng), None))  # noqa: B023
        good = ((chain, cases) for chain, cases in drawn if cases)
        found += [next(good) for _ in range(each)]
    return found


def result(steps: Chain, a: Any) -> Any:
    try:
        for step in steps:
            a = step.apply(a)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return "raised"
    return a


def passes(mistake: Mistake, chain: Chain, cases: list[Case]) -> bool:
    """Whether all tests let the mistake through, judged by what would be printed."""
    for case in cases:
        a: Any = list(case.numbers)
        if mistake.start < 0:
            a = " ".join(map(str, a))
        else:
            for step in chain[: mistake.start]:
                a = step.apply(a)
        if str(result(mistake.steps, a)) != shown(case):
            return False
    return True


def test_results_are_those_of_the_chain() -> None:
    for chain, cases in some_problems():
        for case in cases:
            assert str(result(chain, list(case.numbers))) == shown(case)


def test_no_twin_and_no_skipped_step_survives() -> None:
    for chain, cases in some_problems():
        assert not [m for m in mistakes(chain) if not m.may_pass and passes(m, chain, cases)]


def test_swapped_neighbours_survive_only_where_they_make_no_difference() -> None:
    survived = 0
    for chain, cases in some_problems():
        for mistake in mistakes(chain):
            if mistake.may_pass and passes(mistake, chain, cases):
                survived += 1
                rng = Random(1)
                for _ in range(200):
                    numbers = [rng.randint(-12, 20) for _ in range(8)]
                    swapped = (*chain[: mistake.start], *mistake.steps)
                    assert result(swapped, numbers) == result(chain, numbers)
    assert survived > 10


def test_there_are_enough_tests_and_results() -> None:
    for _, cases in some_problems():
        assert CASES <= len(cases) <= 8
        assert len({case.result for case in cases}) >= 3
        assert not {0, ()} & {case.result for case in cases}


def test_a_problem_with_a_step_without_effect_gets_no_tests() -> None:
    """Double each, keep the even ones: whoever leaves the second out is right, too."""
    by_name = {s.operation.name: s for c in (draw(("totals", 5), Random(n)) for n in range(400))
               for s in c}  # fmt: skip
    chain = (by_name["double"], by_name["even"], by_name["sum"])
    assert not any(draw_cases(chain, Random(seed)) for seed in range(20))
    assert draw_cases((by_name["even"], by_name["double"], by_name["sum"]), Random(0))


def test_every_operation_occurs_in_a_problem_with_tests() -> None:
    assert {step.operation.name for chain, _ in some_problems() for step in chain} == set(
        OPERATIONS
    )


def test_tests_are_a_function_of_the_seed() -> None:
    for chain, _ in some_problems()[::20]:
        assert draw_cases(chain, Random(3)) == draw_cases(chain, Random(3))


@pytest.mark.parametrize(("value", "text"), [(6, "6"), ((3, -1), "[3, -1]")])
def test_tests_as_text(value: int | tuple[int, ...], text: str) -> None:
    cases = [Case((1, 2, 3), value)]
    assert stdin_tests(cases) == {"inputs": ["1 2 3\n"], "outputs": [f"{text}\n"]}
    assert function_tests(cases, "def f(a):\n", "    return a") == {
        "prompt": "def f(a):\n",
        "entry_point": "f",
        "test": f"def check(candidate):\n    assert candidate([1, 2, 3]) == {text}\n",
        "canonical_solution": "    return a",
    }


def test_few_pairs_of_mistakes_survive() -> None:
    """Two mistakes may cancel out; that is rare."""
    tried = survived = 0
    for chain, cases in some_problems():
        twins = [(step, *step.twins()) for step in chain]
        for steps in product(*(options[:2] for options in twins)):
            if sum(s != c for s, c in zip(steps, chain, strict=True)) == 2:
                tried += 1
                survived += passes(Mistake(0, steps), chain, cases)
    assert tried > 1000
    assert survived / tried < 0.02
