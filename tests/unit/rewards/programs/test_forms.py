"""Honest forms: long integers, streams by name, outputs in JSON, prompts without a head."""

import sys
from collections.abc import Callable, Iterator

import pytest

from restem.core.records import Verdict
from restem.rewards import code

Judge = Callable[[object, str], Verdict]
LONG = 3**10_000  # 4,772 digits


@pytest.fixture(scope="module", autouse=True)
def _long_integers_in_sources() -> Iterator[None]:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    yield
    sys.set_int_max_str_digits(before)


def prompt(head: str, *asserts: str, **known: str) -> dict[str, object]:
    lines = "".join(f"    assert {line}\n" for line in asserts)
    return {
        "prompt": head, "entry_point": "f", "test": f"def check(candidate):\n{lines}", **known
    }  # fmt: skip


def call(given: object, expected: object) -> dict[str, object]:
    return {"inputs": [given], "outputs": [expected], "fn_name": "f"}


HEAD = "def f(n):\n    '''Of n.'''\n"


def long_forms() -> dict[str, tuple[Callable[[int], dict[str, object]], str]]:
    """Tests that expect a given number, and the program."""
    return {
        "printed": (
            lambda n: {"inputs": ["10000\n"], "outputs": [f"{n}\n"]}, "print(3**int(input()))",
        ),
        "read": (
            lambda n: {"inputs": [f"{LONG}\n"], "outputs": [f"{n + 1}\n"]},
            "print(int(input()) + 1)",
        ),
        "returned": (lambda n: call([10_000], n), "def f(n): return 3**n"),
        "handed over": (lambda n: call([LONG], n + 1), "def f(n): return n + 1"),
        "in lines of JSON": (lambda n: call(f"[{LONG}]", f"[{n}]"), "def f(ns): return ns"),
        "as text": (lambda n: call([str(LONG)], n), "def f(s): return int(s)"),
        "in a test": (
            lambda n: prompt(HEAD, f"candidate(10_000) == {n}"), "    return 3**n\n",
        ),
        "in an assert": (
            lambda n: {"asserts": [f"assert str(f({LONG})) == '{n}'"]}, "def f(n): return n",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(long_forms()))
def test_integers_may_have_thousands_of_digits(judge: Judge, name: str) -> None:
    tests, program = long_forms()[name]
    assert judge(tests(LONG), program).outcome == "correct"
    assert judge(tests(LONG + 2), program).outcome == "wrong"


def test_the_judges_own_limit_stays(judge: Judge) -> None:
    sys.set_int_max_str_digits(4300)
    try:
        verdict = judge(call([10_000], [1]), "def f(n): return 3**n")
    finally:
        sys.set_int_max_str_digits(0)
    assert verdict.outcome == "wrong"


SUM = "a, b = map(int, {}.split())\nprint(a + b)\n"
STDIN: dict[str, object] = {"inputs": ["3 4\n", "10 20\n"], "outputs": ["7\n", "30\n"]}
READS = [
    "open('/dev/stdin').read()", "open('/dev/fd/0', 'r', 1).readline()",
    "open('/proc/self/fd/0', 'rb').read().decode()", "open(file=0).read()",
    "__import__('pathlib').Path('/dev/stdin').read_text()",
    "__import__('os').read(__import__('os').open('/dev/stdin', 0), 99).decode()",
    "__import__('io').open(b'/dev/stdin').read()",
    "next(__import__('fileinput').input('/dev/stdin'))",
    "__import__('codecs').open('/dev/stdin', 'r', 'utf-8').read()",
]  # fmt: skip
WRITES = [
    "open('/dev/stdout', 'w').write(str(a + b))", "print(a + b, file=open('/dev/fd/1', 'w'))",
    "__import__('os').write(__import__('os').open('/dev/stdout', 1), b'%d' % (a + b))",
]  # fmt: skip


@pytest.mark.parametrize("read", READS)
def test_standard_input_has_names(judge: Judge, read: str) -> None:
    assert judge(STDIN, SUM.format(read)).outcome == "correct"


@pytest.mark.parametrize("write", WRITES)
def test_standard_output_has_names(judge: Judge, write: str) -> None:
    read = "import sys\nsys.stdin = open('/dev/stdin')\na, b = map(int, input().split())\n"
    assert judge(STDIN, read + write).outcome == "correct"


def test_what_is_written_by_name_keeps_its_place(judge: Judge) -> None:
    text = "print('a', flush=True)\nopen('/dev/stdout', 'w').write('b\\n')\nprint('c')"
    tests = {"inputs": [""], "outputs": ["a\nb\nc\n"]}
    assert judge(tests, text).outcome == "correct"


def test_standard_error_is_no_output(judge: Judge) -> None:
    text = "open('/dev/stderr', 'w').write(str(sum(map(int, input().split()))))"
    assert judge(STDIN, text).outcome == "wrong"


# input, output, result, whether it is right
LIVE = [
    ("[1, 2]\n3", "[1, 2, 3]", "[1, 2, 3]", True),
    ('"ab"', '"AB"', "'AB'", True),
    ('"ab"', '"AB"', "'ab'", False),
    ("1", "plain words", "'plain words'", True),
    ("1", "5", "5", True),
    ("1", "5", "'5'", False),
    ("1", '"5"', "'5'", True),
    ("1", '"5"', "5", False),
    ("1", "[5]", "[5]", True),
    ("1", "[5]", "5", False),
    ("1", "5", "[5]", False),
    ("1", "true", "True", True),
    ("1", "null", "None", True),
    ("1", "0.3", "0.1 + 0.2", True),
    ("1", '{"a": [1]}', "{'a': (1,)}", True),
    ([1], "5", "5", False),  # APPS: no text among its inputs, so this is a text
    ([1], "5", "'5'", True),
    ([1], [5], "5", True),
    ([1], '"AB"', "'AB'", False),
]


@pytest.mark.parametrize(("given", "expected", "result", "right"), LIVE)
def test_outputs_are_read_as_inputs_are(
    judge: Judge, given: object, expected: object, result: str, right: bool
) -> None:
    text = f"class Solution:\n    def f(self, *xs): return {result}\n"
    verdict = judge(call(given, expected), text)
    assert verdict.outcome == ("correct" if right else "wrong"), verdict


INC = "def f(n):\n    return n + 1\n"
CLAIMS = ("candidate(1) == 2", "candidate(4) == 5")
HEADLESS = [
    "", "import math\n", "# Only a comment\n", "'''Only a docstring'''\n", "Add one to n.\n",
    "Increment\n", "def helper(n):\n    return n\n", "if you can, add one.\n",
    "'''\nWrite\ndef f(n):\n'''\n", "Complete it:\n\ndef f(n):\n    '''Add one.'''\n",
    "from __future__ import annotations\n", "It's easy: f(1) == 2\n", "def f(n):\n", HEAD,
]  # fmt: skip


@pytest.mark.parametrize("head", HEADLESS)
def test_prompts_need_no_head(judge: Judge, head: str) -> None:
    tests = prompt(head, *CLAIMS)
    assert judge(tests, INC).outcome == "correct"
    assert judge(tests, f"So:\n```python\n{INC}```").outcome == "correct"
    assert judge(tests, INC.replace("1", "2")).outcome == "wrong"
    other = judge(tests, INC.replace("f(", "g("))
    assert other.outcome in ("wrong", "runtime_error", "compile_error"), other


def test_prompts_give_what_they_define(judge: Judge) -> None:
    helper = "import math\n\ndef helper(n):\n    return math.floor(n) + 1\n"
    text = "def f(n):\n    return helper(n) + math.floor(0.5)\n"
    assert judge(prompt(helper, *CLAIMS), text).outcome == "correct"
    future = "from __future__ import annotations\n"
    typed = "def f(n: Nowhere) -> Nowhere:\n    return n + 1\n"
    assert judge(prompt(future, *CLAIMS), typed).outcome == "correct"
    assert judge(prompt("", *CLAIMS, canonical_solution=INC), INC).outcome == "correct"
    assert judge(prompt("Add.\n", *CLAIMS, canonical_solution=INC), INC).outcome == "correct"


ADD: dict[str, object] = {"inputs": [[3, 4]], "outputs": [7], "fn_name": "add"}
REASONED = [
    "<think>Just add.</think>\n\n{}",
    "<think>\n```python\ndef add(a, b): return 0\n```\n</think>\n{}",
    "Hm.\n</think>\n```python\n{}\n```<|im_end|>",
    "{}</s>",
    "<|im_start|>assistant\n{}<|im_end|>\n",
]  # fmt: skip


@pytest.mark.parametrize("frame", REASONED)
def test_only_the_reply_is_a_program(judge: Judge, frame: str) -> None:
    right, wrong = "def add(a, b):\n    return a + b", "def add(a, b):\n    return a - b"
    assert judge(ADD, frame.format(right)).outcome == "correct"
    assert judge(ADD, frame.format(wrong)).outcome == "wrong"


def test_reasoning_that_never_ends_is_no_program(judge: Judge) -> None:
    verdict = judge(ADD, "<think>\n```python\ndef add(a, b):\n    return a + b\n```\n")
    assert (verdict.outcome, verdict.reward, verdict.answer) == ("truncated", 0.0, None)


def test_texts_that_are_too_long_are_not_read(judge: Judge) -> None:
    verdict = judge(ADD, "```\n" * (code.MAX_TEXT // 4 + 1))
    assert (verdict.outcome, verdict.answer) == ("no_answer", None)
    assert verdict.detail == f"a text of {code.MAX_TEXT + 4} characters"


SETS = [
    ("{12, 13, 14, 15, 16}", "(16, 12, 13, 14, 15)"),
    ("set([12, 13, 14, 15, 16])", "(12, 13, 14, 15, 16)"),
]


@pytest.mark.parametrize(("made", "order"), SETS)
def test_sets_keep_their_order_on_the_way(judge: Judge, made: str, order: str) -> None:
    """`python3.11 -c` prints these."""
    back = "def f(s): return tuple(s)"
    assert judge({"asserts": [f"assert f({made}) == {order}"]}, back).outcome == "correct"
    assert judge({"asserts": [f"assert f({made}) == {order[::-1]}"]}, back).reward == 0
    nested = prompt(HEAD, f"candidate([{made}]) == {order}")
    assert judge(nested, "    return tuple(n[0])\n").outcome == "correct"
    returned = prompt(HEAD, f"tuple(candidate(1)) == {order}")
    assert judge(returned, f"    return {made}\n").outcome == "correct"


def test_results_may_be_large(judge: Judge) -> None:
    many = "assert f(300_000) == list(range(300_000))"
    assert judge({"asserts": [many]}, "def f(n): return list(range(n))").outcome == "correct"
    assert judge({"asserts": [many]}, "def f(n): return list(range(n + 1))").outcome == "wrong"
    halves = "assert sum(f([0.5] * 100_000)) == 25_000"
    assert judge({"asserts": [halves]}, "def f(xs): return [x / 2 for x in xs]").reward == 1


def test_a_list_in_two_places_is_one_list_for_the_program(judge: Judge) -> None:
    """As where the tests were made: what is written into one row shows in the other."""
    text = "def f(rows):\n    rows[0][0] = 1\n    return rows\n"
    alike = {"asserts": ["assert f([[0] * 2] * 2) == [[1, 0], [1, 0]]"]}
    apart = {"asserts": ["assert f([[0] * 2] * 2) == [[1, 0], [0, 0]]"]}
    assert judge(alike, text).outcome == "correct"
    assert judge(apart, text).outcome == "wrong"


def test_asserts_may_name_classes_of_the_program(judge: Judge) -> None:
    text = "from collections import Counter\ndef f(s): return {}(s)\n"
    tests = {"asserts": ["assert isinstance(f('aa'), Counter)"]}
    assert judge(tests, text.format("Counter")).outcome == "correct"
    assert judge(tests, text.format("list")).outcome == "wrong"
