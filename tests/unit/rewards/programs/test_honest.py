"""Honest programs that do odd things, and what is said of ordinary failures and of bad tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sections import sections

from restem.core.records import Verdict

pytestmark = pytest.mark.slow  # over a hundred programs

Judge = Callable[[object, str], Verdict]

CALL: dict[str, object] = {"inputs": [[3, 4], [10, 20]], "outputs": [7, 30], "fn_name": "add"}
LIST: dict[str, object] = {"inputs": [[[3, 1, 2]]], "outputs": [[1, 2, 3]], "fn_name": "order"}
STDIN: dict[str, object] = {"inputs": ["3 4\n", "10 20\n"], "outputs": ["7\n", "30\n"]}
PROMPT: dict[str, object] = {
    "prompt": "from typing import List\n\ndef order(xs: List[int]):\n    '''Sort.'''\n",
    "entry_point": "order",
    "test": "def check(candidate):\n    assert candidate([3, 1, 2]) == [1, 2, 3]\n",
}
TESTS = {"call": CALL, "list": LIST, "stdin": STDIN, "prompt": PROMPT}
HONEST = sections(Path(__file__).with_name("honest.txt"))
FAILING = sections(Path(__file__).with_name("failures.txt"))
ODD = {
    "no program": ("stdin", "  \n", "no_answer", "no program"),
    "nul": ("stdin", "print(1)\0", "compile_error", "null bytes"),
    "lone surrogate": ("stdin", "print('\ud800')", "compile_error", "lone surrogates"),
    "too long": ("stdin", "#" * 1_000_001, "compile_error", "a program of 1000001 characters"),
    "call: nul": ("call", "add = 1\0", "compile_error", "null bytes"),
    "call: nothing": ("call", "\t\n", "no_answer", "no program"),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_programs_pass(judge: Judge, name: str) -> None:
    (suite, _), text = HONEST[name]
    verdict = judge(TESTS[suite], text)
    assert verdict.outcome == "correct", verdict


def test_arguments_may_be_large(judge: Judge) -> None:
    many = list(range(300_000))
    tests = {"inputs": [[many]], "outputs": [sum(many)], "fn_name": "total"}
    assert judge(tests, "def total(x): return sum(x)").outcome == "correct"


def test_carriage_returns_are_blanks(judge: Judge) -> None:
    text = "a, b = map(int, input().split())\r\nprint(a + b)\r\n"
    assert judge(STDIN, text).outcome == "correct"


@pytest.mark.parametrize("name", FAILING)
def test_failures_say_what_and_where(judge: Judge, name: str) -> None:
    (suite, _, outcome, detail), text = FAILING[name]
    verdict = judge(TESTS[suite], text)
    assert (verdict.reward, verdict.outcome) == (0.0, outcome), verdict
    assert detail in verdict.detail


@pytest.mark.parametrize("name", ODD)
def test_odd_texts_say_what_they_are(judge: Judge, name: str) -> None:
    suite, text, outcome, detail = ODD[name]
    verdict = judge(TESTS[suite], text)
    assert (verdict.reward, verdict.outcome) == (0.0, outcome), verdict
    assert detail in verdict.detail


def checking(body: str) -> dict[str, object]:
    return {**PROMPT, "test": f"def check(candidate):\n    {body}\n"}


def knowing(reference: str) -> dict[str, object]:
    return {**PROMPT, "canonical_solution": reference}


BAD_TESTS: dict[str, tuple[object, str]] = {
    "none": ({"inputs": [], "outputs": []}, "tests: no tests"),
    "unknown": ({"cases": []}, "tests: tests has neither"),
    "never called": (checking("assert True"), "never call"),
    "fails by itself": (checking("1 / 0"), "cannot be run: ZeroDivisionError"),
    "no check": ({**PROMPT, "test": "x = 1\n"}, "no function check"),
    "no syntax": ({**PROMPT, "test": "def check("}, "cannot be run: SyntaxError"),
    "wrong reference": (knowing("    return xs\n"), "reference fails its own test: Assertion"),
    "broken reference": (knowing("    return (\n"), "reference fails its own test: SyntaxError"),
    "reference raises": (knowing("    return xs[9]\n"), "reference fails its own test: Index"),
    "assert syntax": ({"asserts": ["assert f(1) = 2"]}, "cannot be run: SyntaxError"),
    "assert of nothing": ({"asserts": ["x = 3"]}, "never call"),
    "unsendable": (checking("candidate(print)"), "order is given a value of type builtin"),
}


@pytest.mark.parametrize("name", BAD_TESTS)
def test_bad_tests_are_errors_of_their_row(judge: Judge, name: str) -> None:
    tests, detail = BAD_TESTS[name]
    verdict = judge(tests, "    return sorted(xs)\n")
    assert verdict.outcome == "error", verdict
    assert detail in verdict.detail


@pytest.mark.slow
def test_tests_that_loop_by_themselves_are_errors(judge: Judge) -> None:
    verdict = judge({**PROMPT, "test": "while True: pass"}, "    return sorted(xs)\n")
    assert verdict.outcome == "error"
    assert "cannot be run: over " in verdict.detail


def asserts(*lines: str, setup: str = "") -> dict[str, object]:
    return {"setup": setup, "asserts": list(lines)}


MBPP: dict[str, tuple[dict[str, object], str]] = {
    "objects of the set-up": (
        asserts("assert height(root) == 2", setup="root = Node(1)\nroot.left = Node(2)"),
        "class Node:\n    def __init__(self, d):\n        self.left = None\n"
        "def height(n): return 1 + height(n.left) if n else 0",
    ),
    "objects in the call": (
        asserts("assert longest([Pair(1, 2), Pair(3, 9)]) == 6"),
        "class Pair:\n    def __init__(self, a, b): self.n = b - a\n"
        "def longest(ps): return max(p.n for p in ps)",
    ),
    "objects in the result": (
        asserts("assert make(3).data == 3"),
        "class Node: pass\ndef make(x):\n    n = Node()\n    n.data = x\n    return n",
    ),
    "a class": (
        asserts("assert keep((1, 'a'), int) == (1,)"),
        "def keep(t, k): return tuple(x for x in t if isinstance(x, k))",
    ),
    "nested": (
        asserts("assert f(g(3)) == 8", "assert abs(f(-9) + 6) < 1e-9"),
        "def g(x): return x + 2\ndef f(x): return x + 3",
    ),
    "comprehensions": (
        asserts("assert [f(g(x)) for x in (1, 2)] == [2, 3]"),
        "def f(x): return x\ndef g(x): return x + 1",
    ),
    "a builtin's name": (asserts("assert sum(10, 15) == 6"), "def sum(a, b): return 6"),
    "a module of the program": (
        asserts("assert f((1,)) == sys.getsizeof((1,))"),
        "import sys\ndef f(t): return sys.getsizeof(t)",
    ),
    "set-up imports": (
        asserts("assert math.isclose(f(2), 2 ** 0.5)", setup="import math"),
        "def f(x): return math.sqrt(x)",
    ),
    "a generator": (asserts("assert list(f(2)) == [0, 1]"), "def f(x):\n    yield from range(x)"),
    "no result": (asserts("assert f(a) is None", setup="a = [2, 1]"), "def f(x): x.sort()"),
    "sets": (asserts("assert set(f((1, 2))) == set((2, 1))"), "def f(x): return x"),
}


@pytest.mark.parametrize("name", MBPP)
def test_asserts_of_mbpp(judge: Judge, name: str) -> None:
    tests, text = MBPP[name]
    verdict = judge(tests, text)
    assert verdict.outcome == "correct", verdict


CHAIN = checking(
    """x = [0]
    for i in range(9):
        x = candidate(x)
        x.append(i)
    assert x[0] == 0"""
)


def test_calls_that_depend_on_answers_are_found_one_by_one(judge: Judge) -> None:
    assert judge(CHAIN, "    return sorted(xs)\n").outcome == "correct"
    assert judge(CHAIN, "    return [-1]\n").outcome == "wrong"


@pytest.mark.slow
def test_death_counts_only_at_a_call_the_tests_make(judge: Judge) -> None:
    """The first answer is wrong, so the tests never get to the call that would hang."""
    tests = {"asserts": ["assert f(1) == 1", "assert f(2) == 2"]}
    text = "def f(x):\n    while x == 2: pass\n    return {}\n"
    assert judge(tests, text.format("0")).outcome == "wrong"
    hangs = judge(tests, text.format("x"))
    assert hangs.outcome == "time_limit"
    assert hangs.detail.startswith("call 2: over ")


def test_stateful_programs_are_replayed_from_the_start(judge: Judge) -> None:
    tests = checking("assert candidate([]) == [0]\n    assert candidate([]) == [1]")
    text = "    global n\n    n += 1\n    return [n - 1]\n\nn = 0\n"
    assert judge(tests, text).outcome == "correct"


@pytest.mark.slow
def test_sleep_is_over_the_wall_limit_at_once(judge: Judge) -> None:
    verdict = judge(STDIN, "import time\ntime.sleep(60)")
    assert verdict.outcome == "time_limit"
    assert verdict.detail == "test 1 of 2: over 1 CPU s or 5 s by the clock"
