"""Small problems the programs answer: the tests of a problem as the code reward reads them.

The names end in the kind of problem: stdin and call (APPS), humaneval, mbpp.
"""

from __future__ import annotations

import json

from restem.core.records import Problem

_CHECK_SUM = (
    "def check(candidate):\n"
    "    assert candidate(3, 4) == 7\n"
    "    assert candidate(10, 20) == 30\n"
    "    assert abs(candidate(1, 2) - 3) < 1e-9\n"
)
_CHECK_ORDER = (
    "def check(candidate):\n"
    "    assert candidate([3, 1, 2, 1]) == [1, 1, 2, 3]\n"
    "    assert tuple(candidate([])) == ()\n"
    "    assert len(candidate([5, 5])) == 2\n"
)
_CHECK_LOOP = (
    "def check(candidate):\n"
    "    assert sum(1 for _ in range(candidate(3))) == 3\n"
    "    assert len([0] * candidate(4)) == 4\n"
)
_CHECK_CHAIN = (
    "def check(candidate):\n"
    "    value = 1\n"
    "    for _ in range(5):\n"
    "        value = candidate(value)\n"
    "    assert value == 32\n"
)
_SECRETS = [f"EXPECTED-{number}" for number in (590411, 883017)]

TESTS: dict[str, dict[str, object]] = {
    "sum-stdin": {"inputs": ["3 4\n", "10 20\n"], "outputs": ["7\n", "30\n"]},
    "list-stdin": {"inputs": ["3 1 2 1\n", "5 5\n"], "outputs": ["1\n1\n2\n3\n", "5\n5\n"]},
    "words-stdin": {"inputs": ["2\n", "3\n"], "outputs": ["YES\n", "NO\n"]},
    "floats-stdin": {"inputs": ["3\n", "7\n"], "outputs": ["0.333333333\n", "0.142857143\n"]},
    "secret-stdin": {"inputs": ["1\n", "2\n"], "outputs": _SECRETS},
    "count-stdin": {
        "inputs": ["4\na\nb\nc\nd\n", "1\nx y\n"],
        "outputs": ["4\n", "1\n"],
    },
    "many-stdin": {
        "inputs": ["200000\n"],
        "outputs": ["\n".join(str(number) for number in range(140_000)) + "\n"],
    },
    "many-tests-stdin": {
        "inputs": [f"{number}\n" for number in range(40)],
        "outputs": [f"{number + 1}\n" for number in range(40)],
    },
    "many-tests-call": {
        "fn_name": "after",
        "inputs": [[number] for number in range(40)],
        "outputs": [number + 1 for number in range(40)],
    },
    "sum-call": {"fn_name": "add", "inputs": [[3, 4], [10, 20]], "outputs": [7, 30]},
    "list-call": {
        "fn_name": "order",
        "inputs": [[[3, 1, 2, 1]], [[5, 5]]],
        "outputs": [[1, 1, 2, 3], [5, 5]],
    },
    "words-call": {"fn_name": "parity", "inputs": [[2], [3]], "outputs": ["even", "odd"]},
    "floats-call": {
        "fn_name": "third",
        "inputs": [[3], [7]],
        "outputs": [0.3333333333333333, 0.14285714285714285],
    },
    "secret-call": {"fn_name": "secret", "inputs": [[1], [2]], "outputs": _SECRETS},
    "none-call": {"fn_name": "nothing", "inputs": [[1]], "outputs": [None]},
    "big-call": {"fn_name": "power", "inputs": [[300], [0]], "outputs": [7**300, 1]},
    "pairs-call": {
        "fn_name": "pairs",
        "inputs": [[["a", "b"]]],
        "outputs": [[["a", 0], ["b", 1]]],
    },
    "table-call": {"fn_name": "table", "inputs": [["aab"]], "outputs": [{"a": 2, "b": 1}]},
    "sum-humaneval": {
        "prompt": 'def add(a: int, b: int) -> int:\n    """Return the sum of a and b."""\n',
        "entry_point": "add",
        "test": _CHECK_SUM,
        "canonical_solution": "    return a + b\n",
    },
    "order-humaneval": {
        "prompt": "from typing import List\n\n\ndef order(numbers: List[int]) -> List[int]:\n"
        '    """Return the numbers in ascending order."""\n',
        "entry_point": "order",
        "test": _CHECK_ORDER,
        "canonical_solution": "    return sorted(numbers)\n",
    },
    "loop-humaneval": {
        "prompt": 'def same(n: int) -> int:\n    """Return n."""\n',
        "entry_point": "same",
        "test": _CHECK_LOOP,
        "canonical_solution": "    return n\n",
    },
    "chain-humaneval": {
        "prompt": 'def double(n: int) -> int:\n    """Return 2 n."""\n',
        "entry_point": "double",
        "test": _CHECK_CHAIN,
        "canonical_solution": "    return 2 * n\n",
    },
    "barechain-humaneval": {
        "prompt": 'def double(n: int) -> int:\n    """Return 2 n."""\n',
        "entry_point": "double",
        "test": _CHECK_CHAIN,
    },
    "longchain-humaneval": {
        "prompt": 'def double(n: int) -> int:\n    """Return 2 n."""\n',
        "entry_point": "double",
        "test": _CHECK_CHAIN.replace("range(5)", "range(50)").replace("32", "2**50"),
        "canonical_solution": "    return 2 * n\n",
    },
    "bare-humaneval": {
        "prompt": 'def add(a: int, b: int) -> int:\n    """Return the sum of a and b."""\n',
        "entry_point": "add",
        "test": _CHECK_SUM,
    },
    "sum-mbpp": {
        "setup": "",
        "asserts": ["assert add(3, 4) == 7", "assert add(10, 20) == 30", "assert add(1, 2) == 3"],
    },
    "set-mbpp": {
        "setup": "",
        "asserts": [
            "assert set(common([1, 2, 3], [2, 3, 4])) == set([2, 3])",
            "assert sorted(common([1], [1])) == [1]",
            "assert len(common([1], [2])) == 0",
        ],
    },
    "pair-mbpp": {
        "setup": "",
        "asserts": ["assert longest([Pair(5, 24), Pair(15, 25)], 2) == 2"],
    },
    "node-mbpp": {
        "setup": "root = Node(1)\nroot.left = Node(2)",
        "asserts": ["assert count(root) == 2", "assert count(root.left) == 1"],
    },
    "close-mbpp": {
        "setup": "import math",
        "asserts": [
            "assert math.isclose(half(3), 1.5, rel_tol=0.001)",
            "assert round(half(5), 2) == 2.5",
        ],
    },
}


def problem(name: str) -> Problem:
    """The problem with these tests, as a row of the problems file."""
    return Problem(
        problem_id=name, task="hostile", split="test", subject="", level=0, question="", prompt="",
        stop=(), gold=json.dumps({"tests": TESTS[name]}), human_solution=None,
    )  # fmt: skip


def solution_text(name: str, source: str) -> str:
    """The program as a model would write it: bare for a completion, else in a fence."""
    return source if name.endswith("-humaneval") else f"```python\n{source}```\n"
