"""The second grader: what it reads, what it takes for equal, and what it leaves to the first."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from restem.core import params as params_file
from restem.core.errors import DataError
from restem.core.protocols import Reward
from restem.core.records import CORRECT, NO_ANSWER, TRUNCATED, WRONG, Problem
from restem.rewards import strict

PARAMS = params_file.load(Path(__file__).parents[3] / "tests/params.yaml")


def problem(gold: object) -> Problem:
    return Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps(gold), None)


@pytest.fixture(scope="module")
def reward() -> Iterator[Reward]:
    with strict.open_reward(PARAMS.score, PARAMS.machine) as opened:
        yield opened


def outcome(reward: Reward, text: str, gold: str) -> str:
    (verdict,) = reward.score([problem({"answer": gold})], [text])
    assert verdict.reward == (verdict.outcome == CORRECT)
    return verdict.outcome


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("5", "5"),
        ("6/8", "3/4"),
        (r"\frac{3}{4}", "0.75"),
        (r"-\dfrac34", r"\frac{-3}{4}"),
        ("1,234,567", "1234567"),
        (r"1{,}000", "1{,}000"),
        (r"\$ 5", "5.0"),
        (r"(1, 2)", "(1,2)"),
        (r"x^2 + 1", "x^2+1"),
        (r"\left( 1, 2 \right)", "(1,2)"),
        (".5", "1/2"),
    ],
)
def test_same_text_or_same_number_is_correct(reward: Reward, answer: str, gold: str) -> None:
    assert outcome(reward, rf"So \boxed{{{answer}}}.", gold) == CORRECT


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("5", "6"),
        ("2,1", "1,2"),  # order counts, unlike in math.py
        (r"\sqrt{8}", r"2\sqrt{2}"),  # no algebra
        ("5 cm", "5"),  # no units
        ("0.333", "1/3"),
        ("1/0", "0"),
        ("3+4", "7"),
        ("12,34", "1234"),
        ("x=5", "5"),
        ("9" * 400, "9" * 401),
    ],
)
def test_anything_else_is_wrong(reward: Reward, answer: str, gold: str) -> None:
    assert outcome(reward, rf"So \boxed{{{answer}}}.", gold) == WRONG


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\boxed{4} or rather \boxed{5}", CORRECT),
        (r"\boxed{\text{a {5}}} and \boxed{{5}}", WRONG),
        ("The answer is 5.", CORRECT),
        ("The answer is 5. I hope it is correct.", CORRECT),
        ("Answer: 5", CORRECT),
        ("3+2\n#### 5", CORRECT),
        ("so 3+2=5", NO_ANSWER),
        (r"5 = \boxed{5", NO_ANSWER),
        (r"The answer is 5. \boxed{}", NO_ANSWER),
        ("", NO_ANSWER),
    ],
)
def test_only_a_marked_answer_counts(reward: Reward, text: str, expected: str) -> None:
    assert outcome(reward, text, "5") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"<think>\boxed{6}</think> \boxed{5}", CORRECT),
        (r"<think>\boxed{5}</think> Done.", NO_ANSWER),
        (r"<think>\boxed{5}", TRUNCATED),
        ("The answer is 5.<|im_end|>", CORRECT),
    ],
)
def test_reasoning_is_not_read(reward: Reward, text: str, expected: str) -> None:
    assert outcome(reward, text, "5") == expected


@pytest.mark.parametrize("gold", [r"so \boxed{5}.", "2+3\n#### 5"])
def test_a_gold_may_be_a_whole_solution(reward: Reward, gold: str) -> None:
    assert outcome(reward, "The answer is 5.", gold) == CORRECT
    assert outcome(reward, "The answer is 2.", gold) == WRONG


def test_long_texts_take_no_long_time(reward: Reward) -> None:
    started = time.process_time()
    for text in (r"\boxed{" * 100_000, "answer is " * 100_000, "#" * 1_000_000, "{" * 1_000_000):
        assert outcome(reward, text, "5") != CORRECT
    assert time.process_time() - started < 20


def test_groups_are_equal_numbers_or_texts(reward: Reward) -> None:
    assert reward.group(["1/2", None, "0.5", "x", "x ", "2/4"]) == [0, None, 0, 1, 1, 0]


def test_the_gold_is_a_text_that_earns_the_reward(reward: Reward) -> None:
    for gold in ("5", r"\frac{\pi}{3}", r"\{1,2\}", "(1,2]"):
        asked = problem({"answer": gold})
        text = strict.gold_text(asked)
        assert text is not None
        assert reward.score([asked], [text])[0].outcome == CORRECT
    assert strict.gold_text(problem({"tests": {}})) is None


@pytest.mark.parametrize("gold", [{}, {"answer": " "}, {"answer": 5}, [], "5"])
def test_a_gold_without_answer_and_tests_is_an_error(reward: Reward, gold: object) -> None:
    with pytest.raises(DataError, match="p: gold has neither"):
        reward.score([problem(gold)], ["5"])


def test_it_shares_only_the_reply_with_the_math_reward() -> None:
    source = Path(strict.__file__).read_text()
    imported = [line for line in source.splitlines() if "import" in line and "rewards" in line]
    assert [line.split()[1] for line in imported] == ["restem.rewards.reply", "restem.rewards.code"]
