"""One open code reward for all tests of a file, and problems in one line."""

import json
from collections.abc import Callable, Iterator

import pytest
from settings import machine, score

from restem.core.params import Score
from restem.core.records import Problem, Verdict
from restem.rewards.code import CodeReward, open_code_reward

Judge = Callable[[object, str], Verdict]


def score_params(cpu_s: float = 1.0, memory_mb: int = 1024) -> Score:
    return score(cpu_s=cpu_s, memory_mb=memory_mb)


def problem(tests: object) -> Problem:
    return Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps({"tests": tests}), None)


@pytest.fixture(scope="module")
def reward() -> Iterator[CodeReward]:
    with open_code_reward(score_params(), machine(2)) as opened:
        yield opened


@pytest.fixture
def judge(reward: CodeReward) -> Judge:
    return lambda tests, text: reward.score([problem(tests)], [text])[0]
