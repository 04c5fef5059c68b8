"""World B, run here on harmless tests of our own, with answers as world A would give them."""

import json
import os
import random
import subprocess
import sys
import time
from typing import Any

import pytest

from restem.rewards.programs.caller import MARK
from restem.rewards.programs.checker import check, foresee
from restem.rewards.programs.replay import _spoken
from restem.rewards.programs.suites import AssertSuite, PromptSuite
from restem.rewards.programs.values import Json, encode

PROMPT = "import math\n\ndef f(x):\n    '''Half of x.'''\n"


HALF = "    return x // 2\n"


def human_eval(test: str, reference: str | None = None) -> dict[str, Any]:
    return _spoken(PromptSuite(PROMPT, "f", f"def check(candidate):\n    {test}\n", reference))


def mbpp(*asserts: str, setup: str = "") -> dict[str, Any]:
    return _spoken(AssertSuite(setup, asserts))


def call(*arguments: object, name: str = "f") -> dict[str, Json]:
    return {"f": name, "a": [encode(argument) for argument in arguments], "k": []}


def value(result: object) -> dict[str, Json]:
    return {"value": encode(result), "changed": {}}


def ended(message: dict[str, Json]) -> tuple[Json, Json]:
    return message["end"], message["answered"]


def test_right_answers_pass() -> None:
    suite = human_eval("assert candidate(4) == 2")
    assert ended(check(suite, [call(4)], [value(2)])) == ("passed", 1)


def test_wrong_answers_fail() -> None:
    suite = human_eval("assert candidate(4) == 2")
    message = check(suite, [call(4)], [value(3)])
    assert (message["end"], message["reason"], message["raised"]) == (
        "failed", "AssertionError", False,
    )  # fmt: skip


def test_all_calls_are_foreseen_at_once_without_a_reference() -> None:
    test = """assert candidate(4) == 2
    for i in range(3):
        assert abs(candidate(i) - i / 2) < 1e-9, candidate(-1)
    assert set(candidate(9)) == {1}
    assert [candidate(x) for x in (5, 6)] == [1]
    assert math.isclose(f(10), 5.0)"""
    message = check(human_eval(test), [], [])
    assert message["end"] == "open"
    assert message["calls"] == [call(x) for x in (4, 0, 1, 2, 9, 5, 6, 10)]


def test_reference_passes_its_tests() -> None:
    suite = human_eval("assert candidate(8) == 4\n    assert candidate(2) == 1", HALF)
    message = foresee(suite)
    assert (message["reference"], message["calls"]) == ("", [call(8), call(2)])
    assert message["right"] == [value(4), value(1)]


def test_nothing_the_reference_answers_is_foreseen() -> None:
    message = foresee(human_eval("assert candidate(candidate(candidate(8))) == 1", HALF))
    assert (message["reference"], message["calls"], message["right"]) == ("", [call(8)], [])


def test_reference_does_not_touch_the_random_numbers_of_the_tests() -> None:
    test = """import random
    for _ in range(5):
        candidate(random.randint(0, 10**9))"""
    message = foresee(human_eval(test, "    import random\n    return random.random()\n"))
    assert len(message["calls"]) == len(message["right"]) == 5  # type: ignore[arg-type]


def test_reference_that_fails_its_test_is_told() -> None:
    assert foresee(human_eval("assert candidate(8) == 3", HALF))["reference"] == "AssertionError"


def test_call_that_differs_sets_adrift_and_names_the_right_one() -> None:
    suite = human_eval("assert candidate(candidate(8)) == 1", HALF)
    message = check(suite, [call(8), call(4)], [value(7), value(1)])
    assert ended(message) == ("open", 1)
    assert message["calls"] == [call(8), call(7)]


def test_failure_before_the_last_known_call_is_final() -> None:
    suite = human_eval("assert candidate(1) == 1\n    assert candidate(2) == 2")
    assert ended(check(suite, [call(1), call(2)], [value(0)])) == ("failed", 1)


def test_exceptions_are_raised_again_as_their_builtin_type() -> None:
    test = """try:
        candidate(1)
    except ZeroDivisionError:
        return
    raise AssertionError"""
    suite = human_eval(test)
    assert ended(check(suite, [call(1)], [{"raised": ["ZeroDivisionError", ""]}]))[0] == "passed"
    message = check(suite, [call(1)], [{"raised": ["ValueError", "no"]}])
    assert (message["end"], message["raised"]) == ("failed", True)


ODD: list[Json] = [
    ["SystemExit", ""], ["KeyboardInterrupt", ""], ["print", ""], ["Unheard", ""], "x", None, [],
    ["UnicodeDecodeError", "x"], [{}, []],
]  # fmt: skip


@pytest.mark.parametrize("raised", ODD)
def test_odd_exceptions_fail_the_test(raised: Json) -> None:
    suite = human_eval("candidate(1)")
    assert check(suite, [call(1)], [{"raised": raised}])["end"] == "failed"


def test_exceptions_cannot_end_the_tests_early_as_passed() -> None:
    test = "assert candidate(1) == 1\n    assert candidate(2) == 2"
    answers: list[dict[str, Json]] = [{"raised": ["StopIteration", ""]}, value(2)]
    assert check(human_eval(test), [call(1), call(2)], answers)["end"] == "failed"


CASES = "def right(case): return candidate(case) == case\n    "


@pytest.mark.parametrize(
    "test", [CASES + "assert all(map(right, [1, 2]))", "assert not any(map(candidate, [1, 2]))"]
)
@pytest.mark.parametrize("kind", ["StopIteration", "StopAsyncIteration"])
def test_a_program_cannot_end_the_list_of_cases(test: str, kind: str) -> None:
    assert check(human_eval(test), [call(1)], [{"raised": [kind, ""]}])["end"] == "failed"


def test_iterators_may_end_where_tests_wait_for_that() -> None:
    test = "try: candidate(1)\n    except StopIteration: return\n    assert False"
    answers: list[dict[str, Json]] = [{"raised": ["StopIteration", ""]}]
    assert ended(check(human_eval(test), [call(1)], answers))[0] == "passed"


def test_changed_arguments_are_changed_here_too() -> None:
    suite = human_eval("a = [3, 1, 2]\n    candidate(a)\n    assert a == [1, 2, 3]")
    changed: dict[str, Json] = {"value": None, "changed": {"0": [1, 2, 3]}}
    assert check(suite, [call([3, 1, 2])], [changed])["end"] == "passed"
    assert check(suite, [call([3, 1, 2])], [value(None)])["end"] == "failed"


def test_an_answer_may_be_the_very_argument() -> None:
    suite = human_eval("a = [2, 1]\n    assert candidate(a) is a\n    assert a == [1, 2]")
    answer = {**value([1, 2]), "changed": {"0": [1, 2]}}
    assert check(suite, [call([2, 1])], [answer])["end"] == "failed"
    same: dict[str, Json] = {**answer, "same": 0}
    assert check(suite, [call([2, 1])], [same])["end"] == "passed"
    assert check(suite, [call([2, 1])], [{**same, "same": 1}])["end"] == "failed"


def test_containers_in_a_tuple_are_changed_in_place() -> None:
    suite = human_eval("a = []\n    candidate((a, 3))\n    assert a == [1]")
    changed: dict[str, Json] = {"value": None, "changed": {"0": {"t": [[1], 3]}}}
    assert check(suite, [call(([], 3))], [changed])["end"] == "passed"


CHANCE = [
    "random.SystemRandom().random()", "random.Random().random()",
    "random.seed() or random.random()",
    "int.from_bytes(os.urandom(8), 'big')", "secrets.randbits(64)", "uuid.uuid4().int",
    "time.time()", "time.perf_counter_ns()", "time.monotonic()",
]  # fmt: skip


@pytest.mark.parametrize("source", CHANCE)
def test_tests_ask_the_same_each_time(source: str) -> None:
    suite = human_eval(f"import os, random, secrets, time, uuid\n    candidate({source})")
    first = check(suite, [], [])["calls"]
    assert len(first) == 1  # type: ignore[arg-type]
    assert check(suite, [], [])["calls"] == first


def test_clocks_go_on_here_and_go_back_to_normal() -> None:
    before = (time.time, random.Random, os.urandom)
    wait = "end = time.time() + 1\n    while time.time() < end: pass\n    candidate(1)"
    suite = human_eval(f"import time\n    {wait}")
    assert check(suite, [call(1)], [value(0)])["end"] == "passed"
    assert (time.time, random.Random, os.urandom) == before


def test_undefined_names_are_the_fault_of_tests_without_a_reference() -> None:
    test = "assert candidate(2) == nowhere"
    assert check(human_eval(test), [], [])["end"] == "broken"
    assert check(human_eval(test, HALF), [], [])["end"] == "open"
    raised: list[dict[str, Json]] = [{"raised": ["NameError", "name 'nowhere' is not defined"]}]
    assert check(human_eval(test), [call(2)], raised)["end"] == "failed"
    unbound = "for x in candidate(2):\n        y = x\n    assert y == 1"
    assert check(human_eval(unbound), [call(2)], [value([])])["end"] == "failed"
    assert check(mbpp("assert f(2) == h"), [], [])["end"] == "broken"


def test_undefined_names_that_only_an_answer_leads_to_are_no_fault_of_the_tests() -> None:
    for test in ("assert candidate(2) == 1, nowhere", "assert candidate(2) == nowhere"):
        assert check(human_eval(test), [call(2)], [value(3)])["end"] == "failed"


FORGED: list[dict[str, Json]] = [
    {}, {"value": {"i": "x"}}, {"value": {"q": []}}, {"value": 2, "changed": {"7": 3}},
    {"value": 2, "changed": [1]}, {"value": 2, "changed": {"x": 3}}, {"refused": "a cat"},
]  # fmt: skip


@pytest.mark.parametrize("answer", FORGED)
def test_forged_answers_fail_whatever_the_test_catches(answer: dict[str, Json]) -> None:
    test = """try:
        assert candidate(4) == 2
    except Exception:
        pass"""
    assert check(human_eval(test), [call(4)], [answer])["end"] == "failed"


def test_tests_that_cannot_run_are_broken() -> None:
    assert check(human_eval("return ="), [], [])["end"] == "broken"
    assert check(human_eval("candidate(object())"), [], [])["end"] == "broken"
    assert check(_spoken(PromptSuite(PROMPT, "f", "x = 1", None)), [], [])["end"] == "broken"
    assert (
        check(_spoken(PromptSuite(PROMPT, "f", "import nowhere", None)), [], [])["end"] == "broken"
    )
    assert check(mbpp("assert f( == 1"), [], [])["end"] == "broken"
    assert check(mbpp("assert f(1)", setup="import nowhere"), [], [])["end"] == "broken"


def check_in_a_process(suite: dict[str, Any]) -> dict[str, Any]:
    """As world B does it. The timer raises between any two bytecodes: a callback of pytest's own
    garbage collection would be one of them here."""
    task = json.dumps({"suite": suite, "calls": [], "answers": [], "token": "key"}).encode()
    code = "from restem.rewards.programs.checker import main; main()"
    ran = subprocess.run([sys.executable, "-c", code], input=task, capture_output=True, check=True)
    message: dict[str, Any] = json.loads(ran.stdout.partition(MARK + b"key")[2])
    return message


def test_guesses_that_loop_for_ever_are_stopped() -> None:
    test = "x = candidate(3)\n    while x:\n        x -= 1\n    assert candidate(4) == 2"
    message = check_in_a_process(human_eval(test))
    assert (message["end"], message["calls"]) == ("open", [call(3)])
    test = "while candidate(3):\n        pass"
    assert check_in_a_process(human_eval(test))["end"] == "open"


def test_asserts_of_mbpp_are_independent_when_foreseen() -> None:
    suite = mbpp("assert f(1)[0] == 2", "assert set(f(2)) == {1}", "assert f(3) == g(h(4))")
    message = check(suite, [], [])
    assert message["calls"] == [call(1), call(2), call(3), {"x": "g(h(4))"}]


def test_sites_of_mbpp() -> None:
    suite = mbpp("assert abs(f(root)) == n", setup="root = Node(1)\nn = 3")
    site: list[dict[str, Json]] = [{"x": "f(root)"}]
    assert check(suite, [], [])["calls"] == site
    assert check(suite, site, [value(-3)])["end"] == "passed"
    assert check(suite, site, [value(4)])["end"] == "failed"
