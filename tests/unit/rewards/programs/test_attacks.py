"""Programs that try to be rewarded without doing the work. None may be."""

import json
from pathlib import Path

import pytest
from sections import sections

from restem.core.records import CORRECT, ERROR, Problem
from restem.rewards.code import CodeReward

pytestmark = pytest.mark.slow  # over a hundred programs

PROMPT = "def add(a: int, b: int) -> int:\n    '''The sum.'''\n"
TEST = """
def check(candidate):
    assert candidate(3, 4) == 7
    assert candidate(10, 20) == 30
    assert abs(candidate(1, 2) - 3) < 1e-9
"""
HUMAN_EVAL = {"prompt": PROMPT, "entry_point": "add", "test": TEST}
SUITES: dict[str, object] = {
    "call": {"inputs": [[3, 4], [10, 20]], "outputs": [7, 30], "fn_name": "add"},
    "prompt": HUMAN_EVAL,
    "prompt with a reference": {**HUMAN_EVAL, "canonical_solution": "    return a + b\n"},
    "asserts": {"setup": "", "asserts": ["assert add(3, 4) == 7", "assert add(10, 20) == 30"]},
}

SAY = """
import json, os

def say(*messages):
    for message in messages:
        os.write(1, b"\\n\\x1e" + json.dumps(message).encode() + b"\\n")

"""
ATTACKS = {
    head: text.replace("SAY\n", SAY)
    for head, (_, text) in sections(Path(__file__).with_name("attacks.txt")).items()
}


def problem(suite: str) -> Problem:
    gold = json.dumps({"tests": SUITES[suite]})
    return Problem("p", "t", "train", "", 0, "?", "?", (), gold, None)


@pytest.mark.parametrize("suite", SUITES)
def test_honest_program_passes(reward: CodeReward, suite: str) -> None:
    """So that the failures below are the attacks'."""
    verdict = reward.score([problem(suite)], ["def add(a, b):\n    return a + b\n"])[0]
    assert verdict.outcome == CORRECT, verdict


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("attack", ATTACKS)
def test_nobody_is_fooled(reward: CodeReward, attack: str, suite: str) -> None:
    verdict = reward.score([problem(suite)], [ATTACKS[attack]])[0]
    assert verdict.reward == 0, verdict
    assert verdict.outcome not in (CORRECT, ERROR), verdict


PEEK = """import gc
def half(x):
    '''Half.'''
    found = [o for o in gc.get_objects() if isinstance(o, dict) and o.get("f") == "half"]
    later = [call["a"][0] for call in found if call["a"][0] != x]
    return later[0] if later else 2
"""


def test_later_calls_do_not_tell_earlier_answers(reward: CodeReward) -> None:
    """The reference's answer to the first call would be the argument of the second."""
    tests = {
        "prompt": "def half(x):\n    '''Half.'''\n",
        "entry_point": "half",
        "test": "def check(f):\n    assert f(f(8)) == 2\n",
        "canonical_solution": "    return x // 2\n",
    }
    case = Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps({"tests": tests}), None)
    verdicts = reward.score([case, case], [PEEK, "    return x // 2\n"])
    assert [verdict.outcome for verdict in verdicts] == ["wrong", CORRECT], verdicts


STDIN: dict[str, object] = {"inputs": ["3 4\n", "10 20\n"], "outputs": ["7\n", "30\n"]}
SUM = "print(sum(map(int, input().split())))\n"
STDIN_ATTACKS = {
    "exits": "import sys\nsys.exit(0)",
    "exits hard": "import os\nos._exit(0)",
    "says it passed": "print('passed')",
    "right, then fails": SUM + "1 / 0",
    "right, then exits badly": SUM + "exit(1)",
    "right, then dies": SUM + "import os, sys\nsys.stdout.flush()\nos.abort()",
    "right, then more": SUM + "print()\nprint('x')",
    "all numbers": "print(*range(100))",
    "knows the first test": "print(7)",
    "reads the exit code of others": "import os\nprint(os.environ.get('EXPECTED', ''))",
}


@pytest.mark.parametrize("attack", STDIN_ATTACKS)
def test_nobody_is_fooled_by_what_is_printed(reward: CodeReward, attack: str) -> None:
    gold = json.dumps({"tests": STDIN})
    case = Problem("p", "t", "train", "", 0, "?", "?", (), gold, None)
    honest, verdict = reward.score([case, case], [SUM, STDIN_ATTACKS[attack]])
    assert honest.outcome == CORRECT
    assert verdict.outcome not in (CORRECT, ERROR), verdict
