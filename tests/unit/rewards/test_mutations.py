# ruff: noqa: E501  (the table of spellings is long)
"""Golds against themselves in other notations, and against what they are not.

The golds are generated; with RESTEM_DATA the boxed answers of MATH's training split join them.
"""

import gzip
import json
import os
import random
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from settings import machine, score

from restem.core.protocols import Reward
from restem.core.records import Problem
from restem.rewards.extract import extract
from restem.rewards.math import open_reward

pytestmark = pytest.mark.slow  # thousands of pairs

MATH = Path(os.environ.get("RESTEM_DATA", "nowhere")) / "math/derived.train_350.jsonl.gz"


@pytest.fixture(scope="module")
def reward() -> Iterator[Reward]:
    with open_reward(score(timeout_s=20.0), machine()) as opened:
        yield opened


def generated() -> list[str]:
    """Integers, fractions, roots, tuples, intervals, numerals in bases, polynomials."""
    draw = random.Random(3)
    golds = [
        str(draw.choice((1, -1)) * draw.randint(1, 10 ** draw.randint(1, 7))) for _ in range(40)
    ]
    for _ in range(12):
        a, b, c, d = (draw.randint(2, 60) for _ in range(4))
        value = Fraction(a, b * c + 1)
        golds += [
            rf"\frac{{{value.numerator}}}{{{value.denominator}}}",
            rf"{a}\sqrt{{{4 * b + 2}}}",
            rf"({a},-{a + b})",
            rf"[-{c},{d})",
            "".join(draw.choices("123456", k=4)) + f"_{{{draw.randint(8, 9)}}}",
            rf"{a}x^2-{b}x+{c}",
            rf"(-\infty,-{a}]\cup({b},\infty)",
            rf"\frac{{{a}\pi}}{{{a + d}}}",
            rf"\begin{{pmatrix}}{a}\\-{b}\end{{pmatrix}}",
        ]
    return list(dict.fromkeys(golds))


def boxed() -> list[str]:
    with gzip.open(MATH, "rt") as lines:
        found = [extract(json.loads(line)["solution"]) for line in lines]
    return list(dict.fromkeys(gold.answer for gold in found if gold))


def notations(gold: str) -> set[str]:
    """Other spellings of the same answer."""
    same = {
        f"${gold}$",
        f"${gold}$.",
        rf"\({gold}\)",
        f"**{gold}**",
        gold.replace("\\frac", "\\dfrac"),
    }
    if "\\left" not in gold and "pmatrix" not in gold:
        same.add(gold.replace("(", "\\left(").replace(")", "\\right)"))
        same.add(gold.replace("[", "\\left[").replace("]", "\\right]"))
    if re.fullmatch(r"-?\d+", gold):
        number = int(gold)
        commas = f"{number:,}"
        same |= {f"x = {gold}", f"{gold}.0", rf"{gold}\text{{ units}}", f"{gold} cm"}
        same |= {rf"\frac{{{2 * number}}}{{2}}", commas}
        same |= {commas.replace(",", mark) for mark in (r",\!", "{,}", r"\,")}
    if match := re.fullmatch(r"\\frac\{(\d+)\}\{(\d+)\}", gold):
        top, bottom = int(match[1]), int(match[2])
        same |= {f"{top}/{bottom}", rf"\frac{{{3 * top}}}{{{3 * bottom}}}"}
        if top > bottom:
            same.add(rf"{top // bottom}\frac{{{top % bottom}}}{{{bottom}}}")
    return same


def mutations(gold: str) -> set[str]:
    """Different answers that look alike: sign, one more, one less, other bracket, order, base."""
    others = {gold + "0", gold + "+1", gold[1:] if gold.startswith("-") else "-" + gold}
    for match in re.finditer(r"\d+", gold):
        for step in (1, -1):
            others.add(gold[: match.start()] + str(int(match[0]) + step) + gold[match.end() :])
    others |= {gold.replace("[", "("), gold.replace(")", "]"), gold.replace("sqrt{", "sqrt[3]{")}
    if match := re.fullmatch(r"\(([^,]+),([^,]+)\)", gold):
        others.add(f"({match[2]},{match[1]})")
    return {other for other in others if other != gold and not is_same_number(other, gold)}


def is_same_number(one: str, other: str) -> bool:
    """-0 is 0, and 1.00 is 1.0."""
    try:
        return Fraction(one) == Fraction(other)
    except (ValueError, ZeroDivisionError):
        return False


def graded(reward: Reward, pairs: list[tuple[str, str]]) -> list[float]:
    problems = [
        Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps({"answer": gold}), None)
        for _, gold in pairs
    ]
    return [
        v.reward for v in reward.score(problems, [rf"\boxed{{{answer}}}" for answer, _ in pairs])
    ]


GOLDS = {"generated": generated, "boxed": boxed}
# Spellings of an integer n; with another digit, a sign or a factor each is another answer.
SPELLINGS = [
    r"\hat{y} = %s", "|AB| = %s", r"\angle ABC = %s^\circ", "a = b = %s", "f'(2) = %s", "P_{k+1} = %s",
    r"\vec{a}\cdot\vec{b} = %s", r"\det A = %s", r"\int_0^1 g(x)\,dx = %s", "[ABC] = %s",
    r"\frac{dy}{dx} = %s", "m+n = %s", r"\text{Area of } ABC = %s", "x := %s", r"(f \circ g)(1) = %s",
    "%s{grams}", r"%s{\rm\ cm}", r"%s\,\mathrm{cm^2}", "%s sq. in.", r"\text{%s km}", r"%s^\circ\text{C}",
    "%s¢", "€%s", "%s EUR", r"\text{USD } %s", r"US\$%s", "Rs. %s", "¥%s", r"%s \frac{\text{m}}{\text{s}}",
    "%s km/h", "%s m/s²", "%s hours", r"%s\text{ kg}", r"\boldsymbol{%s}", r"\textcolor{green}{%s}",
    r"{\color{blue} %s}", r"\underline{\mathbf{%s}}", r"\Huge %s", r"%s \tag{A}", r"\text{$%s$}",
    r"\boxed{%s}", r"{%s \over 1}", r"3y=1 \implies x=%s", r"\therefore x = %s", "≈ %s", 
    r"\text{The result is } %s", r"\text{There are }%s\text{ ways}", r"\text{Answer: }%s", "The answer is %s",
    r"\begin{aligned} x &= %s \end{aligned}",
]  # fmt: skip
KINDS = [
    "generated",
    pytest.param(
        "boxed", marks=pytest.mark.skipif(not MATH.is_file(), reason="no RESTEM_DATA/math")
    ),
]


@pytest.mark.parametrize("kind", KINDS)
def test_other_notations_of_a_gold_are_right(reward: Reward, kind: str) -> None:
    pairs = [(same, gold) for gold in GOLDS[kind]() for same in sorted(notations(gold))]
    assert len(pairs) > 500
    rewards = graded(reward, pairs)
    assert [pair for pair, got in zip(pairs, rewards, strict=True) if got != 1] == []


@pytest.mark.parametrize("kind", KINDS)
def test_changed_golds_are_wrong(reward: Reward, kind: str) -> None:
    pairs = [(other, gold) for gold in GOLDS[kind]() for other in sorted(mutations(gold))]
    assert len(pairs) > 500
    rewards = graded(reward, pairs)
    assert [pair for pair, got in zip(pairs, rewards, strict=True) if got != 0] == []


def spelled(values: dict[int, int]) -> list[tuple[str, str]]:
    """Every spelling of each value against its gold."""
    return [
        (form.replace("%s", str(n)), str(gold)) for n, gold in values.items() for form in SPELLINGS
    ]


def test_spellings_of_an_integer_are_right(reward: Reward) -> None:
    pairs = spelled({8: 8, 137: 137, 2600: 2600})
    rewards = graded(reward, pairs)
    assert [pair for pair, got in zip(pairs, rewards, strict=True) if got != 1] == []


def test_spellings_of_another_integer_are_wrong(reward: Reward) -> None:
    pairs = []
    for gold in (8, 137, 2600):
        for other in (gold + 1, -gold, 10 * gold, gold // 2):
            pairs += spelled({other: gold})
        pairs += [(form.replace("%s", f"1/{gold}"), str(gold)) for form in SPELLINGS]
        pairs += [(form.replace("%s", f"{gold}x"), str(gold)) for form in SPELLINGS]
        pairs += [(form.replace("%s", f"{gold}+{gold}"), str(2 * gold)) for form in SPELLINGS]
    rewards = graded(reward, pairs)
    assert [pair for pair, got in zip(pairs, rewards, strict=True) if got != 0] == []
