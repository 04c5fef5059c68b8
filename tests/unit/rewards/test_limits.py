"""Time limits of problems: what the code reward writes and what it holds programs to."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from settings import machine, score

from restem.core.records import CORRECT, TIME_LIMIT, WRONG, Problem
from restem.rewards.code import CodeReward, open_code_reward

SCORE = score(cpu_s=20.0, memory_mb=512)


@pytest.fixture(scope="module")
def reward() -> Iterator[CodeReward]:
    with open_code_reward(SCORE, machine(1)) as opened:
        yield opened


def problem(tests: object) -> Problem:
    return Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps({"tests": tests}), None)


def limit(problem: Problem) -> float | None:
    value = json.loads(problem.gold)["tests"].get("cpu_s")
    return None if value is None else float(value)


DOUBLE = {"inputs": ["3\n", "5\n"], "outputs": ["6\n", "10\n"]}
QUICK = "print(2 * int(input()))"
LONGER = (
    "import time\nbegun = time.process_time()\nwhile time.process_time() < begun + {}:\n    pass\n"
)
HALF = {
    "prompt": "def half(n):\n    '''n / 2'''\n",
    "entry_point": "half",
    "test": "def check(f):\n    assert f(8) == 4\n",
    "canonical_solution": "    return n // 2\n",
}
MET = "def half(n):\n    return n // 2\n"
SUITES: dict[str, tuple[object, str, str]] = {  # tests, a right program, one that never ends
    "stdin": (DOUBLE, QUICK, "while True:\n    pass"),
    "call": (
        {"inputs": [[8]], "outputs": [4], "fn_name": "half"},
        MET,
        "def half(n):\n    while True:\n        pass\n",
    ),
    "prompt": (HALF, "    return n // 2\n", "    while True:\n        pass\n"),
    "asserts": (
        {"setup": "", "asserts": ["assert half(8) == 4"]},
        MET,
        "def half(n):\n    while True:\n        pass\n",
    ),
}


@pytest.mark.parametrize("name", SUITES)
def test_quick_references_make_the_shortest_limit(reward: CodeReward, name: str) -> None:
    tests, right, _ = SUITES[name]
    (limited,) = reward.with_limits([problem(tests)], [[right]])
    assert limit(limited) == 1.0
    assert reward.score([limited], [right])[0].outcome == CORRECT


@pytest.mark.parametrize("name", SUITES)
def test_an_endless_loop_is_cut_at_the_limit_of_its_problem(reward: CodeReward, name: str) -> None:
    tests, right, endless = SUITES[name]
    assert isinstance(tests, dict)
    short = problem({**tests, "cpu_s": 0.3})
    cut, passed = reward.score([short, short], [endless, right])
    assert (cut.outcome, passed.outcome) == (TIME_LIMIT, CORRECT)
    assert "over 0.3 CPU s" in cut.detail


def test_the_slowest_right_solution_decides(reward: CodeReward) -> None:
    """0.15 s x 20 is over 1 s; solutions that fail count for nothing."""
    slow, wrong = LONGER.format(0.15) + QUICK, LONGER.format(1.2) + "print(0)"
    given = problem(DOUBLE)
    tried: list[list[str]] = [[QUICK, slow, wrong], [QUICK, wrong], [wrong], []]
    found = reward.with_limits([given] * 4, tried)
    assert [limit(one) for one in found] == [10.0, 1.0, None, None]


def test_what_is_slower_than_the_reference_but_within_the_limit_passes(reward: CodeReward) -> None:
    (limited,) = reward.with_limits([problem(DOUBLE)], [[QUICK]])
    verdict = reward.score([limited], [LONGER.format(0.2) + QUICK])[0]
    assert (limit(limited), verdict.outcome) == (1.0, CORRECT)


def test_no_limit_is_above_that_of_params_yaml() -> None:
    given = problem({**DOUBLE, "cpu_s": 100})
    with open_code_reward(replace(SCORE, cpu_s=0.3), machine(1)) as short:
        assert "over 0.3 CPU s" in short.score([given], ["while True:\n    pass"])[0].detail
        (limited,) = short.with_limits([problem(DOUBLE)], [[QUICK]])
        assert limit(limited) is None


def test_the_tests_of_a_function_keep_the_time_of_params_yaml(reward: CodeReward) -> None:
    """A check may be slow where the program is not."""
    busy = "def check(f):\n    x = 0\n    for i in range(5 * 10**6):\n        x += i\n"
    tests = {**HALF, "test": f"{busy}    assert f(8) == 4\n", "cpu_s": 0.1}
    right, wrong = reward.score([problem(tests)] * 2, ["    return n // 2\n", "    return n\n"])
    assert (right.outcome, wrong.outcome) == (CORRECT, WRONG)


def test_a_limit_that_cannot_be_read_is_a_fault_of_the_tests(reward: CodeReward) -> None:
    verdict = reward.score([problem({**DOUBLE, "cpu_s": "soon"})], [QUICK])[0]
    assert (verdict.outcome, verdict.detail) == (
        "error", "tests: cpu_s must be a number of seconds, got 'soon'")  # fmt: skip
