# ruff: noqa: E501  (the table is long)
r"""What the docstring of exact.py promises, through the whole reward: answers in a box.

The rows are our own; where a public grader was measured to decide otherwise, it is named.
"""

import json
from collections.abc import Iterator

import pytest
from settings import machine, score

from restem.core.protocols import Reward
from restem.core.records import Problem
from restem.rewards.math import open_reward

# policy: (answer, gold, reward)
POLICIES: dict[str, list[tuple[str, str, int]]] = {
    "arithmetic left undone is no number": [
        ("12+7*4^1", "40", 0), (r"\sqrt{1}*40", "40", 0), ("12+28+0x", "40", 0), ("40x/x", "40", 0),
        ("2^3*5", "40", 0), ("40x^0", "40", 0), (r"40\cos 0", "40", 0), (r"\gcd(40,80)", "40", 0),
        ("40!/39!", "40", 0), (r"\sqrt{4}+38", "40", 0), (r"\log 1+40", "40", 0), ("|40|", "40", 0),
        (r"\frac{x}{x}40", "40", 0), (r"\sum_{k=1}^{40}1", "40", 0), ("(x+1)-(x-39)", "40", 0),
    ],
    "one fraction, power, root or function of numbers is a number": [
        ("80/2", "40", 1), (r"\frac{80}{2}", "40", 1), (r"\sqrt{1600}", "40", 1), ("2^{10}", "1024", 1),
        (r"\binom{5}{2}", "10", 1), ("5!", "120", 1), (r"\log_2 8", "3", 1), (r"\frac{1}{2^{10}}", "1/1024", 1),
        (r"\sin 30^\circ", "1/2", 1), (r"\sqrt{1600}", "41", 0), ("5!", "121", 0),
    ],
    "a gold that is arithmetic takes its value or the same numbers": [
        ("8", "5+3", 1), ("3+5", "5+3", 1), ("2*4", "5+3", 0), ("2^6*3^5*5^4", "2^6 3^5 5^4", 1),
        ("2^6*3^4*5^5", "2^6 3^5 5^4", 0),
    ],
    "a rounded value behind the exact one": [
        (r"\frac{1}{3}\approx 0.333", r"\frac13", 1), (r"\frac13", r"\frac13\approx 0.333", 1),
        (r"x\approx 11", "11", 1), (r"\frac{1}{3}\approx 0.333", "0.333", 0), (r"\sqrt2\approx 2", "2", 0),
    ],
    "what nobody sees": [("5\u200b", "5", 1), ("\u200f5\u200e", "5", 1), ("\ufeff5", "5", 1), ("5\x00", "5", 1)],
    "thousands": [
        (r"3,\!250", "3250", 1), ("10{,}000", "10000", 1), (r"11,\! 111,\! 100", "11111100", 1),
        (r"1\,234", "1234", 1), ("32, 349", "32349", 0), ("1,23", "123", 0), ("1,2345", "12345", 0),
    ],
    "mixed numbers stand on one line": [
        ("4 4/9", "40/9", 1), ("-4 4/9", "-40/9", 1), ("11\n5/6", "71/6", 0), ("11.0 4/9", "103/9", 0),
        ("4 4/9%", "40/900", 1), ("4 4/0", "4", 0),
    ],
    "percent and money": [
        (r"10\%", "10", 1), (r"10\%", "0.1", 1), ("10 percent", r"10\%", 1), ("75", "0.75", 0),
        (r"\frac{1}{2}\%", "0.005", 1), ("$5.50", "5.5", 1), (r"\text{\$}5", "5", 1), ("50 cents", r"\$50", 0),
    ],
    "ordinals are their number": [("5th", "5", 1), (r"5^{\text{th}}", "5", 1), ("5th", "1/5", 0)],
    "program spellings": [
        ("pi/2", r"\frac{\pi}{2}", 1), ("-1 + exp(16)", "e^{16}-1", 1), ("(3*sqrt(5))/7", r"\frac{3\sqrt5}{7}", 1),
        (r"\sqrt{\sqrt{2}}", "2**(1/4)", 1), ("14.0 + -1.0i", "14-i", 1), ("2*x**2", "2x^2", 1), ("3e8", "300000000", 1),
    ],
    "degrees count inside trigonometric functions and only there": [
        (r"\sin(90^\circ-x)", r"\cos x", 1), (r"\tan 15^\circ", r"2-\sqrt3", 1), (r"\cos 60^\circ", r"\cos 60", 0),
        (r"90^\circ", "90", 1), ("74°", r"74^\circ", 1), (r"30^\circ", r"\frac{\pi}{6}", 0),
    ],
    "complex numbers": [
        ("i(2-i)", "1+2i", 1), (r"e^{i\pi/3}", r"\frac12+\frac{\sqrt3}{2}i", 1), (r"e^{i\pi}", "-1", 1),
        ("1+i", "1-i", 0), ("i", "-i", 0),
    ],
    "plus or minus is two numbers": [
        (r"\pm 3", "3,-3", 1), ("-3, 3", r"x=\pm 3", 1), (r"\frac{1\pm\sqrt5}{2}", r"\frac{1+\sqrt5}{2},\frac{1-\sqrt5}{2}", 1),
        ("3", r"\pm 3", 0), (r"\pm 3", "3", 0), (r"1\pm\sqrt2", r"1+\sqrt2", 0), (r"\{1\pm\sqrt5,-2\}", r"\{-2,1\pm\sqrt5\}", 1),
    ],
    "inequalities are sets": [
        (r"x \in [1,2)", r"1 \le x < 2", 1), (r"2 > x \ge 1", "[1,2)", 1), ("x>3", r"(3,\infty)", 1),
        (r"x<-1 \text{ or } x>2", r"(2,\infty)\cup(-\infty,-1)", 1), (r"x\ne 3", r"(-\infty,3)\cup(3,\infty)", 1),
        (r"[\sqrt8,\infty)", r"m \ge 2\sqrt2", 1), ("x<2", "2>x", 1), ("-x>-1", "x<1", 1),
        (r"1 < x < 2", "[1,2)", 0), (r"x\ge 3", r"(3,\infty)", 0), ("y>3", "x>3", 0), ("x>3", "3", 0), ("3", "x>3", 0),
    ],
    "named sets": [
        (r"\text{no solution}", r"\emptyset", 1), (r"\varnothing", r"\emptyset", 1), (r"\{\}", r"\emptyset", 1),
        (r"\mathbb{R}", r"(-\infty,\infty)", 1), (r"\text{all real numbers}", r"(-\infty,+\infty)", 1),
        ("0", r"\emptyset", 0), (r"\{0\}", r"\emptyset", 0), (r"\text{no solution}", "5", 0),
    ],
    "lists, sets and tuples": [
        ("1 or 2", r"\{1,2\}", 1), (r"a=1 \text{ or } a=-2", r"a=-2 \text{ or } a=1", 1), ("(2,1)", "(1,2)", 0),
        ("(1,2)", "[1,2]", 0), (r"\sqrt{67},-\sqrt{85}", r"\sqrt{67}", 0), ("1, 2, 3, ...", "1, 2, 3", 0),
        (r"1,3,5,\ldots,2n-1", r"1,2,\ldots,n", 0), (r"\begin{cases}x=1\\y=2\end{cases}", "x=1,y=2", 1),
    ],
    "matrices": [
        (r"\left[\begin{array}{cc}1&2\\3&4\end{array}\right]", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", 1),
        (r"\begin{bmatrix}0.5\\\sqrt8\end{bmatrix}", r"\begin{pmatrix}1/2\\2\sqrt2\\\end{pmatrix}", 1),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}", 0),
        (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", 0),
    ],
    "equations": [
        ("2", "2=x", 1), ("x=2", "2", 1), ("y=2", "x=2", 0), ("0", "a+3z=0", 0), ("x+y=4", "x+y=3", 0),
        ("y=-1/2*x+3/4", "2x+4y-3=0", 1), (r"\sin x=\frac{42}{59}", r"\cos x=\frac{42}{59}", 0), ("x=5=6", "6", 0),
    ],
    "numerals in a base": [
        ("(101)_2", "101_2", 1), ("101 base 2", "101_2", 1), ("101", "101_2", 1), ("101_3", "101_2", 0),
        ("4094_7", "4094_8", 0), ("101_2+x", "101_3+x", 0),
    ],
    "times of day": [
        ("20:34", "20:34:00", 1), ("20:34", r"08:34 \text{P.M.}", 1), ("8:30", "8:30 p.m.", 0), ("1:00", "12:00", 0),
    ],
    "units": [
        ("12 zebras", "12", 1), ("7 distinct values", "7", 1), ("5 km/h", "5", 1), (r"3\pi\text{ cm}^2", r"3\pi", 1),
        (r"60\frac{\text{miles}}{\text{hour}}", "60", 1), ("5 twentieths", "5", 0), ("5 doubled", "5", 0),
        (r"5\text{ hours}", r"5\text{ minutes}", 0), ("5 dozens", "5", 0), ("5'", "5", 0),
    ],
    "words, letters and choices": [
        (r"\text{(C)}", "C", 1), ("C. x = 42", "C", 1), ("C. x = 42", "B", 0), (r"\text{odd}", "odd", 1),
        ("odd", r"\text{oddd}", 0), ("A+a", "2a", 0), ("X+1", "x+1", 0),
    ],
    "expressions agree wherever both are real": [
        (r"\frac{1}{\sqrt n}", r"\sqrt{1/n}", 1), (r"\sqrt{x^2}", "x", 0), (r"\sec^2 y", r"\tan^2 y+1", 1),
        (r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}", 0), (r"\sqrt2+\frac{1}{10^{40}}", r"\sqrt2", 0), ("3.14", r"\pi", 0),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def reward() -> Iterator[Reward]:
    with open_reward(score(timeout_s=20.0), machine()) as opened:
        yield opened


@pytest.mark.parametrize("policy", POLICIES)
def test_policy(reward: Reward, policy: str) -> None:
    rows = POLICIES[policy]
    problems = [
        Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps({"answer": gold}), None)
        for _, gold, _ in rows
    ]
    verdicts = reward.score(problems, [rf"\boxed{{{answer}}}" for answer, _, _ in rows])
    differ = [(*row, v.detail) for row, v in zip(rows, verdicts, strict=True) if v.reward != row[2]]
    assert differ == []
