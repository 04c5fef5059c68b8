"""Numbers in a last sentence that are no result, each with neighbours that are; and what a new look
at wrappers, units and marks found."""

import json

import pytest
from settings import machine, score

from restem.core.records import Problem
from restem.rewards.extract import extract
from restem.rewards.math import open_reward

# claim: (text, whether its number 7 is the answer)
SENTENCES: dict[str, list[tuple[str, bool]]] = {
    "what is denied is no answer": [
        ("It cannot be 7.", False), ("She won't have 7.", False), ("It doesn't come to 7.", False),
        ("It is unlikely to be 7.", False), ("It is false that he has 7.", False),
        ("It is anything but 7.", False), ("I am not sure it is 7.", False),
        ("It is 9, or maybe 7.", False), ("It is 9, so it isn't 3, it is 7.", True),
        ("The number of false claims is 7.", True), ("Those who do not play are 7.", True),
    ],
    "labels are no answer": [
        ("See step 7.", False), ("This follows from equation (7).", False), ("Case 7.", False),
        ("Problem 7", False), ("1. Count\n2. Stop", False), ("Step 2: the sum is 7.", True),
        ("1. Count\n2. We get 7", True), ("7. That is all.", True),
    ],
    "the task told again is no answer": [
        ("We are told there are 7 boys.", False), ("The problem says 7 boys came.", False),
        ("Then we divide by 7.", False), ("Now add 7.", False),
        ("Suppose there are 7 boys.", False),
        ("We need to find how many of the 7 are red.", False), ("We add them and get 7.", True),
        ("We subtract 3 from 10, leaving 7.", True),
        ("We divide to get 7.", True), ("We need to find the sum, which is 7.", True),
    ],
    "conditions are no answer": [
        ("If she has 7 pens, she is glad.", False), ("When he was 7, he left.", False),
        ("If she sells 3, she has 7.", True), ("When we add them we get 7.", True),
    ],
    "what happened before a result is no answer": [
        ("He has 12 pens after giving away 7.", False),
        ("He has 7 pens after giving away 5.", True),
        ("After 5 days he has 7 pens.", True),
    ],
    "every dash is a sign, and glued characters count": [
        ("The change is ﹣7.", False), ("‒7", False), ("➖7", False), ("−\u200b7", False),
        ("¬7", False), ("5 ⁄ 7", False), ("5;7", False),
        ("7‰", False), ("⎼7", False), ("7 ✅", True), ("“7”", True),
    ],
    "struck out text goes, bold tags go": [
        ("So ~~9~~ **7**", True), ("So ~~7~~", False), ("The answer is <b>7</b>", True),
        ("The answer is “7”.", True), ("The answer is '7'.", True),
    ],
}  # fmt: skip


@pytest.mark.parametrize("claim", SENTENCES)
def test_sentence(claim: str) -> None:
    found = [(text, extract(text)) for text, _ in SENTENCES[claim]]
    said = [(text, read is not None and read.answer.split(" ")[0] == "7") for text, read in found]
    assert said == SENTENCES[claim]


# (answer, gold, reward)
BOXED = [
    (r"\SI{7}{cm}", "7", 1), (r"\qty{7}{kg}", r"7\text{ g}", 0), (r"7{\text{ cm}}", "7", 1),
    ("7 cm2", r"7\text{ cm}^2", 1), ("7 cm2", r"7\text{ cm}", 0), ("7 m3", "7", 1),
    (r"7\text{°C}", "7", 1), (r"HK\$7", "7", 1), (r"CA\$7", r"\$7", 0), (r"\textdollar 7", "7", 1),
    (r"\fcolorbox{red}{white}{7}", "7", 1), (r"\bbox[5px]{7}", "7", 1), (r"\framebox{7}", "8", 0),
    (r"\root 3 \of {-8}", "-2", 1), (r"\root 3 \of {-8}", "2", 0),
    (r"\begin{smallmatrix} 1 \\ 2 \end{smallmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", 1),
    (r"\R", r"\mathbb{R}", 1), (r"\operatorname{arctan} 2", r"\arctan 2", 1),
    (r"\text{A}, \text{C}", "A,C", 1), (r"\text{A}, \text{C}", "A,D", 0), ("No", "no", 1),
    ("No", "on", 0), ("NO", "ON", 0), (r"\text{She has 7 pens}", "7", 1),
    (r"\text{She has half of 7}", "7", 0),
    (r"\text{She has no 7}", "7", 0), (r"\vec{u} = \langle 3,4\rangle", r"\langle 3,4\rangle", 1),
    (r"\vec{u} = \langle 3,4\rangle", r"\langle 4,3\rangle", 0), (r"\text{exactly } 7", "7", 1),
    ("2^3}$ and $\\boxed{8", "8", 1), ("2^3}$ and $\\boxed{9", "8", 0),
]  # fmt: skip


def test_boxed() -> None:
    problems = [
        Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps({"answer": gold}), None)
        for _, gold, _ in BOXED
    ]
    with open_reward(score(), machine()) as reward:
        verdicts = reward.score(problems, [rf"\boxed{{{answer}}}" for answer, _, _ in BOXED])
    judged = [
        (*row, v.detail) for row, v in zip(BOXED, verdicts, strict=True) if v.reward != row[2]
    ]
    assert judged == []


def test_a_false_equation_has_a_class_of_its_own() -> None:
    with open_reward(score(), machine()) as reward:
        assert reward.group(["1=2", "2", "3+4 = 7", "7"]) == [0, 1, 2, 2]


def test_text_mention_of_a_blank_box_is_no_answer() -> None:
    read = extract(r"We write \boxed{?} for the unknown. The answer is 3.")
    assert read is not None
    assert read.answer == "3"
