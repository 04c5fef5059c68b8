"""What a program answers or prints is its own outcome: never a reward, never a verifier's fault."""

import base64
import json
import zlib
from collections.abc import Callable
from itertools import product

import pytest

from restem.core.records import CORRECT, ERROR, Problem, Verdict
from restem.rewards.code import CodeReward
from restem.rewards.programs import drivers
from restem.rewards.programs.caller import line
from restem.rewards.programs.values import Json

Judge = Callable[[object, str], Verdict]


def problem(tests: object) -> Problem:
    return Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps({"tests": tests}), None)


def prompt(body: str, **known: str) -> dict[str, object]:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    tests = {"prompt": "def f(x):\n    '''Of x.'''\n", "entry_point": "f", **known}
    return {**tests, "test": f"def check(candidate):\n{lines}"}


PASSED = '{"end": "passed", "reason": "", "calls": [], "guessed": [], "answered": 1}'
FORGE = f"def f(x):\n    return '\\n\\x1e' + {PASSED!r} + '\\n'\n"
SHOWN = {
    "printed": "print(candidate(1))",
    "written": "import sys\nsys.stdout.write(candidate(1))\nsys.stdout.flush()",
    "in bytes": "import os\nos.write(1, candidate(1).encode())",
    "to stderr": "import sys\nprint(candidate(1), file=sys.stderr)",
    "formatted": "print(f'{candidate(1)}')",
    "left in the buffer": "print(candidate(1), end='')",
}


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("known", [{}, {"canonical_solution": "    return '2'\n"}])
def test_results_that_tests_show_are_no_messages(
    judge: Judge, name: str, known: dict[str, str]
) -> None:
    tests = prompt(SHOWN[name] + "\nassert candidate(1) == '2'", **known)
    assert judge(tests, FORGE).outcome == "wrong"
    assert judge(tests, "    return '2'\n").outcome == "correct"


def test_results_in_exceptions_are_no_messages(judge: Judge) -> None:
    assert judge(prompt("raise ValueError(candidate(1))"), FORGE).outcome == "wrong"
    assert judge(prompt("assert candidate(1) == 2, candidate(1)"), FORGE).outcome == "wrong"


def test_setups_that_print_are_no_messages(judge: Judge) -> None:
    tests = {"setup": "print(f(1))", "asserts": ["assert f(1) == '2'"]}
    assert judge(tests, FORGE).outcome == "wrong"
    assert judge(tests, "def f(x): return '2'").outcome == "correct"


SAYS = """import os
{before}
os.write(1, b'\\n\\x1e{{"fault": ["compile", "SyntaxError: invalid syntax"]}}\\n')
os._exit(0)
def f(x): return 1
"""
SUITES: list[dict[str, object]] = [
    {"inputs": [[1]], "outputs": [1], "fn_name": "f"},
    {"asserts": ["assert f(1) == 1"]},
    prompt("assert candidate(1) == 1"),
]


@pytest.mark.parametrize("tests", SUITES)
@pytest.mark.parametrize("before", ["", "os.ftruncate(1, 0)\nos.lseek(1, 0, 0)"])
def test_programs_that_say_they_do_not_compile_are_not_believed(
    judge: Judge, tests: object, before: str
) -> None:
    verdict = judge(tests, SAYS.format(before=before))
    assert (verdict.outcome, verdict.detail[:12]) == ("runtime_error", "it says that"), verdict


@pytest.mark.parametrize("tests", SUITES)
def test_programs_that_do_not_compile_say_where(judge: Judge, tests: object) -> None:
    verdict = judge(tests, "def f(x):\n    return (x\n")
    assert verdict.outcome == "compile_error"
    assert verdict.detail == "SyntaxError: '(' was never closed (line 2)"


ODD = """import datetime, itertools, os, re, sys, threading
from decimal import Decimal
from fractions import Fraction
def nested(depth):
    value = []
    for _ in range(depth): value = [value]
    return value
class Bomb:
    def __hash__(self): return 1
    def __bool__(self): raise RuntimeError
    __eq__ = __len__ = __repr__ = __iter__ = __int__ = __bool__
class Endless:
    def __getattr__(self, name): return Endless()
    def __call__(self, *a, **k): return Endless()
    def __iter__(self): return iter([Endless()])
    def __len__(self): return -1
Endless.__name__ = '<b>\\u202e\\x1b[1m' * 9
itself = []
itself.append(itself)
def f(x): return """
RESULTS = [
    "nested(982)", "nested(61)", "nested(58)", "nested(9000)", "itself", "range(10**15)",
    "10**(10**5)", "'\\ud800' * 9", "float('nan')", "-float('inf')", "{float('nan'): {}, (): 1}",
    "'x' * 900_000", "[0] * 1_500_000", "itertools.count()", "iter(int, 1)", "{None, 1, 'a'}",
    "Decimal('1E+999999999')", "Decimal('sNaN')", "Fraction(10**5000, 7)", "Bomb()", "[Bomb()]",
    "{Bomb(): 1}", "Endless()", "datetime.datetime.max", "re.compile('(a+)+$')", "sys.stdout",
    "threading.Lock()", "(1 / 0 for _ in [1])", "{'i': '0x1'}", "{'O': [0]}", "...", "f", "int",
    "ValueError('x')", "'\\n\\x1e{}\\n'", "b'x' * 99", "slice(1)", "sys._getframe()", "os",
]  # fmt: skip
ASKS: list[dict[str, object]] = [
    {"inputs": [[1], [2]], "outputs": [7, [7]], "fn_name": "f"},
    prompt("assert candidate(candidate(7)) == 7 and candidate(1) == 'q'"),
    prompt("assert sum(candidate(1)) == 7"),
    prompt("print(candidate(1))\nassert str(candidate(1)) == 'q', candidate(2)"),
    prompt("assert [0] * candidate(1) == [0] * 7 or {candidate(1): 1}[7]"),
    prompt("for part in candidate(1):\n    assert candidate(part) == 7\nassert candidate(1) == 7"),
    prompt("assert candidate(candidate(7)) == 7", canonical_solution="    return 7\n"),
    {"asserts": ["assert f(f(1)) == 7"]},
    {"asserts": ["assert f(1).q == 7 and len(f(1)) == 7"]},
]


@pytest.mark.slow
@pytest.mark.parametrize("tests", ASKS)
def test_no_result_is_a_fault_of_the_verifier(reward: CodeReward, tests: object) -> None:
    """Nor is any of these right."""
    case = problem(tests)
    verdicts = reward.score([case] * len(RESULTS), [ODD + result for result in RESULTS])
    odd = {
        result: verdict
        for result, verdict in zip(RESULTS, verdicts, strict=True)
        if verdict.outcome in (CORRECT, ERROR) or not verdict.detail.isprintable()
    }
    assert odd == {}


def test_one_hostile_result_of_each_kind_is_no_fault(reward: CodeReward) -> None:
    """The shorter form of the one above."""
    cases = [problem(tests) for tests in ASKS[:3]]
    pairs = list(product(cases, RESULTS[:3]))
    verdicts = reward.score([case for case, _ in pairs], [ODD + result for _, result in pairs])
    assert {verdict.outcome for verdict in verdicts} <= {"wrong", "runtime_error"}


MADE_UP = "def f(x):\n    raise type({!r}, (Exception,), {{}})(chr(0x202e) + chr(27) + '[31m<b>')\n"


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\u202eevil", "a\x1b[31m", "\u200b"])
def test_details_are_one_line_of_printable_text(judge: Judge, name: str) -> None:
    tests = prompt("assert candidate(1) == 1")
    stdin = {"inputs": [""], "outputs": ["1"]}
    for case, text in (
        (tests, MADE_UP.format(name)),
        (tests, f"class A: pass\nA.__name__ = {name!r}\ndef f(x): return A()\n"),
        ({"inputs": [[1]], "outputs": [1], "fn_name": "f"}, MADE_UP.format(name)),
        (stdin, f"x = {name}\n"),
    ):
        detail = judge(case, text).detail
        assert detail.isprintable(), detail
        assert not any(mark in detail for mark in ("<script", "</script", "<b")), detail
        assert len(detail) <= 200


LARGE = {"lists": b"[],", "whole numbers": b"7,", "floats": b'{"f":"0x1.0p+2"},'}


@pytest.mark.parametrize("kind", LARGE)
def test_a_short_message_does_not_fill_our_memory(kind: str) -> None:
    """Compressed, a few bytes say a lot: what all messages of a run say is limited."""
    piece = LARGE[kind]
    text = b'{"value":[' + piece * ((24 << 20) // len(piece)) + b"0]}"
    said = b"\n\x1ez" + base64.b64encode(zlib.compress(text, 1)) + b"\n"
    assert len(said) < 1 << 20
    assert len(drivers.messages(9 * said, 9)) < 2


def test_many_large_answers_are_read() -> None:
    floats: list[Json] = [{"f": (n / 7).hex()} for n in range(300_000)]
    assert len(drivers.messages(3 * line({"value": floats}), 3)) == 3
