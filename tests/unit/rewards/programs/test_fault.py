"""Whose fault it is: of the program, or of tests that cannot judge it."""

from collections.abc import Callable

import pytest

from restem.core.records import Verdict

Judge = Callable[[object, str], Verdict]

NEXT = "    return x + 1\n"
HALF = "    return x // 2\n"


def suite(body: str, reference: str | None = None, before: str = "") -> dict[str, object]:
    """A test of `f(x)`, called c in the body."""
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    tests = {"prompt": 'def f(x):\n    """One."""\n', "entry_point": "f"}
    known = {} if reference is None else {"canonical_solution": reference}
    return {**tests, "test": f"{before}\ndef check(c):\n{lines}", **known}


COUNT = "x = 0\nfor i in range(100): x = c(x)\nassert x == 100"
HALVE = "x = 10**9; n = 0\nwhile x: x = c(x); n += 1\nassert n == 30"
PAIR = "p = ([],)\nc(p)\nassert p[0] == [1]"
PASSES: dict[str, tuple[dict[str, object], str]] = {
    "the time": (suite("import time\nt = time.time_ns()\nassert c(t) == t + 1"), NEXT),
    "real chance": (
        suite("for i in range(5):\n    t = R.randint(0, 9**9)\n    assert c(t) == t + 1",
              before="import random\nR = random.SystemRandom()"),
        NEXT,
    ),
    "a list in a tuple": (suite(PAIR), "    x[0].append(1)\n"),
    "sorted in place": (suite("a = [2, 1]\nassert c(a) is a"), "    x.sort()\n    return x\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", PASSES)
def test_right_programs_pass(judge: Judge, name: str) -> None:
    tests, text = PASSES[name]
    verdict = judge(tests, text)
    assert verdict.outcome == "correct", verdict


@pytest.mark.slow
@pytest.mark.parametrize("reference", [None, NEXT])
def test_a_hundred_calls_may_depend_on_each_other(judge: Judge, reference: str | None) -> None:
    verdict = judge(suite(COUNT, reference), NEXT)
    assert (verdict.outcome, verdict.detail) == ("correct", "tests passed, 100 calls")


def test_another_list_is_not_the_argument(judge: Judge) -> None:
    tests = suite("a = [1, 2]\nassert c(a) is a")
    assert judge(tests, "    return list(x)\n").outcome == "wrong"


@pytest.mark.slow
def test_programs_that_lead_the_tests_on_are_not_excused(judge: Judge) -> None:
    assert judge(suite(HALVE, HALF), HALF).outcome == "correct"
    wrong = judge(suite(HALVE, HALF), "    return x\n")
    assert (wrong.outcome, wrong.detail) == (
        "wrong", "its answers lead the tests on and on: 77 calls and no end",
    )  # fmt: skip


@pytest.mark.slow
def test_without_a_reference_it_is_a_question_of_time(judge: Judge) -> None:
    assert judge(suite(HALVE), "    return x\n").outcome == "time_limit"


BROKEN: dict[str, tuple[dict[str, object], str]] = {
    "no such name": (suite("assert c(1) == nowhere"), "NameError: name 'nowhere'"),
    "chance": (
        suite("import datetime\nassert c(datetime.datetime.now().timestamp()) > 0"),
        "the tests cannot be run: they are not reproducible: call 1 differs",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_tests_are_errors(judge: Judge, name: str) -> None:
    tests, detail = BROKEN[name]
    verdict = judge(tests, NEXT)
    assert (verdict.outcome, detail in verdict.detail) == ("error", True), verdict


def test_data_that_nobody_defines_breaks_an_assert(judge: Judge) -> None:
    tests = {"asserts": ["assert f(1) == 1", "assert f(2) == nowhere"]}
    assert judge(tests, "def f(x): return x").outcome == "error"
    assert judge(tests, "def f(x): return 0").outcome == "error"


@pytest.mark.slow
def test_tests_that_do_not_end_on_its_answers_are_no_fault(judge: Judge) -> None:
    endless = judge(suite("c(1)\nwhile True: pass"), NEXT)
    assert (endless.outcome, "cannot be checked" in endless.detail) == ("time_limit", True)
    tests = suite("n = c(1)\nwhile n != 2: pass", NEXT)
    assert judge(tests, NEXT).outcome == "correct"
    assert judge(tests, HALF).outcome == "wrong"


NAN = "from decimal import Decimal\ndef f(a): return {}"


@pytest.mark.parametrize("result", ["Decimal('sNaN')", "[Decimal('-sNaN1')]"])
def test_signalling_nans_are_wrong_results(judge: Judge, result: str) -> None:
    tests = {"inputs": [[1]], "outputs": [1], "fn_name": "f"}
    assert judge(tests, NAN.format(result)).outcome == "wrong"


def test_forged_signalling_nans_are_wrong_results(judge: Judge) -> None:
    tests = {"inputs": [[1]], "outputs": [1], "fn_name": "f"}
    text = 'import os\nos.write(1, b\'\\n\\x1e{"value": {"D": "sNaN"}}\\n\')\ndef f(a): return 1'
    assert judge(tests, text).outcome == "wrong"
