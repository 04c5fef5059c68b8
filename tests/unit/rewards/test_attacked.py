# ruff: noqa: E501  (the tables are long)
r"""What an attack on the verifier got past it once, each with neighbours that must stay accepted."""

import json
from collections.abc import Iterator

import pytest
from settings import machine, score

from restem.core.protocols import Reward
from restem.core.records import Problem
from restem.rewards.math import open_reward

# claim: (answer in a box, gold, reward)
BOXED: dict[str, list[tuple[str, str, int]]] = {
    "large integers are compared to their last digit": [
        ("2^{100}", "1267650600228229401496703205375", 0), ("2^{100}", "1267650600228229401496703205376", 1),
        ("2^{128}", "340282366920938463463374607431768211457", 0), ("30!", "265252859812191058636308480000001", 0),
        ("265252859812191058636308480000000", "30!", 1), ("100!", "100!+1", 0), ("100!-7", "100!", 0),
        ("2^{400}", "2^{400}+1", 0), ("4^{200}", "2^{400}", 1), (r"\binom{200}{100}", r"\binom{200}{100}+1", 0),
    ],
    "constants are compared to more digits than they have": [
        ("10^{100}", r"\sqrt{10^{200}+1}", 0), (r"\sqrt{10^{200}+1}", "10^{100}", 0), ("1", "1+10^{-85}", 0),
        (r"\sqrt{2}+10^{-120}", r"\sqrt{2}", 0), (r"\sqrt{10^{200}}", "10^{100}", 1), (r"\sqrt{8}", r"2\sqrt{2}", 1),
    ],
    "ratios of three terms are proportional in order": [
        ("1:2:3", "1:3:2", 0), ("2:4:6", "1:2:3", 1), ("2:4:6", "2:6:4", 0), ("1:2:3:4", "1:4:2:3", 0),
        ("1:2:3", "1:2", 0), ("1:2:3", "1/6", 0), ("3:4", r"\frac{3}{4}", 1), ("0:0:0", "1:2:3", 0),
    ],
    "and is no or": [
        ("x>1 and x<2", "x>1 or x<2", 0), ("x>1 and x<2", r"(1,\infty)\cup(-\infty,2)", 0),
        ("x>1 and x<2", "(1,2)", 1), ("x>1, x<2", "x>1 or x<2", 0), ("x<5, x>1", "x<5 and x>1", 0),
        (r"x\le-1 \text{ and } x\ge2", r"(-\infty,-1]\cup[2,\infty)", 1), ("x<1 or x>5", "(1,5)", 0),
        (r"x<1 \text{ or } x>5", r"(-\infty,1)\cup(5,\infty)", 1), ("x<1, x>5", "x<1 or x>5", 1),
        ("x=1 and x>3", "x=1 or x>3", 0), (r"x\ne1, x\ne2", r"x\ne1 \text{ and } x\ne2", 1),
    ],
    "words that make a number another": [
        (r"5 \text{ negatives}", "5", 0), (r"5\text{ cubes}", "5", 0), ("5 twos", "5", 0), ("5 threes", "5", 0),
    ],
    "two units must be one": [
        (r"5\text{ cm}^2", r"5\text{ cm}^3", 0), (r"5\text{ cm}^2", r"5\text{ cm}", 0), (r"5\text{ cm}^2", "5", 1),
        (r"5\text{ cm}^2", r"5\text{ square centimeters}", 1), (r"5\text{ square feet}", r"5\text{ feet}", 0),
        ("5 nanometers", "5 meters", 0), (r"5\text{ kilojoules}", r"5\text{ joules}", 0), ("5 bits", "5 bytes", 0),
        (r"5\text{ mph}", r"5\text{ km/h}", 0), (r"5\text{ mph}", r"5\text{ miles per hour}", 1),
        (r"5\text{ degrees Celsius}", r"5\text{ degrees Fahrenheit}", 0), (r"5\text{ degrees Celsius}", "5^\\circ", 1),
        (r"30^\circ", r"30\text{ rad}", 0), (r"30^\circ", r"30\text{ degrees}", 1), (r"30^\circ", "30", 1),
    ],
    "a chain must hold": [
        (r"2 \approx 3", "2", 0), (r"\sqrt{2}\approx 5", r"\sqrt{2}", 0), (r"\frac{2}{3}\approx 0.67", r"\frac{2}{3}", 1),
        (r"2\pi\approx 6.28", r"2\pi", 1),
    ],
    "a choice and its value": [
        ("(B) 12", "(B) 13", 0), ("(B) 12", "(C) 12", 0), ("(B) 12", "(B) 12", 1), ("(B) 12", "B", 1),
        (r"\text{(C)}\ 5", "C", 1), ("C", r"\text{(C)}\ 5", 1), ("B", r"\text{(C)}\ 5", 0), ("5", r"\text{(C)}\ 5", 1),
        ("A. 5", r"\text{(A) }5", 1), (r"\text{(A)}+1", r"\text{(A)}", 0), (r"\text{(A)}0", r"\text{(A)}", 0),
    ],
    "operations that are left undone": [
        (r"\frac{d}{dx}x^2", "2x", 0), (r"\int 2x dx", "x^2", 0), (r"\sum_{k=1}^{n}k", r"\frac{n(n+1)}{2}", 0),
    ],
    "dates": [(r"\text{June }20", "June 20", 1), ("June 20", r"\text{June }21", 0)],
}  # fmt: skip

# claim: (text, gold, reward)
SAID: dict[str, list[tuple[str, str, int]]] = {
    "words after the hashes": [
        *((f"#### 5 {words}", "5", 0) for words in (
            "dozen", "million", "halves", "hundred dollars", "thousand people", "squared", "is wrong", "times 2",
        )),
        ("#### not 5", "5", 0), ("#### negative 5", "-5", 1), ("#### 5 million", "5000000", 1),
        *((f"#### 5 {words}", "5", 1) for words in ("apples", "red apples", "dollars per day", "cm")),
    ],
    "words after the answer": [
        *((f"The answer is 5 {words}.", "5", 0) for words in (
            "squared", "dozen", "million", "times 6", "percent of 20", "or 6", "hundred", "cubed",
        )),
        ("The answer is 1 half", "1", 0),
        *((f"The answer is 5{words}.", "5", 1) for words in (
            " apples", " dollars for 3 kids", " apples, not 6", " because 2 + 3 = 5", " hours a day",
        )),
    ],
    "words before the answer": [
        *((f"The answer is {words} 5.", "5", 0) for words in (
            "negative", "minus", "at least", "less than", "about", "not", "between 4 and",
        )),
        ("The answer is negative 5.", "-5", 1), ("The answer is minus 5.", "-5", 1), ("The answer isn't 5", "5", 0),
        ("The answer is the area of the square, 25.", "25", 1),
    ],
    "the same in Minerva's sentence": [
        ("Final Answer: The final answer is not 5. I hope it is correct.", "5", 0),
        ("Final Answer: The final answer is 5 dozen. I hope it is correct.", "5", 0),
        ("Final Answer: The final answer is 5. I hope it is correct.", "5", 1),
    ],
    "the last number": [
        ("x is 5 or 6", "6", 0), ("So it is not 5", "5", 0), ("She has 5 dozen", "5", 0), ("So she has 5 eggs", "5", 1),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def reward() -> Iterator[Reward]:
    with open_reward(score(), machine(1)) as opened:
        yield opened


def _misjudged(reward: Reward, rows: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    problems = [
        Problem("p", "math", "train", "", 0, "?", "?", (), json.dumps({"answer": gold}), None)
        for _, gold, _ in rows
    ]
    verdicts = reward.score(problems, [text for text, _, _ in rows])
    return [row for row, verdict in zip(rows, verdicts, strict=True) if verdict.reward != row[2]]


@pytest.mark.parametrize("claim", BOXED)
def test_no_box_gets_past(reward: Reward, claim: str) -> None:
    rows = [(rf"\boxed{{{answer}}}", gold, wanted) for answer, gold, wanted in BOXED[claim]]
    assert _misjudged(reward, rows) == []


@pytest.mark.parametrize("claim", SAID)
def test_no_phrase_gets_past(reward: Reward, claim: str) -> None:
    assert _misjudged(reward, SAID[claim]) == []
