# ruff: noqa: E501  (the tables are long)
"""A piece of an expression earns nothing: for random expressions E and each number n in E, a text
that ends with E is not right for the gold n, unless E equals n."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from fractions import Fraction

import pytest

from restem.rewards.exact import decide
from restem.rewards.extract import extract

Made = tuple[str, Fraction | None]
"""An expression and the number it equals, if it equals one that may stand in it."""


def _n(draw: random.Random, high: int = 60) -> int:
    return draw.randint(2, high)


def _root(draw: random.Random) -> Made:
    a, b = _n(draw), _n(draw, 9)
    return draw.choice(
        [rf"\sqrt{{{a}}}", f"√{a}", f"sqrt({a})", rf"{b}\sqrt{{{a}}}", f"{b}√{a}", f"∛{a}",
         rf"\sqrt[3]{{{a}}}", rf"\frac{{\sqrt{{{a}}}}}{{{b}}}", f"the square root of {a}",
         f"√{a}/{b}", rf"\sqrt{{{a}}} + {b}", f"{b} + √{a}", f"({b} + √{a})/2"]
    ), None  # fmt: skip


def _power(draw: random.Random) -> Made:
    a, b = _n(draw, 9), _n(draw, 9)
    x = draw.choice("xnyk")
    return draw.choice(
        [f"{a}^{b}", rf"{a}^{{{b}}}", f"{a}**{b}", f"{x}^{b}", f"{a}{x}^{b}", f"{a}^{x}", f"{x}²",
         f"{a}²", f"{a}³", f"{a}⁵", f"{a}^({b})", f"{x}^{{{a}}}", f"{a} squared", f"{a} cubed",
         f"{a} to the power of {b}", f"{a}^-{b}", f"e^{a}", f"10^{b}", f"{a}^{b} - 1", f"{a}!",
         f"x_{a}", f"log_{a} {b}", rf"\log_{{{a}}} {b}", f"log({a})", f"sin {a}", f"|x - {a}|"]
    ), None  # fmt: skip


def _fraction(draw: random.Random) -> Made:
    a, b, c = _n(draw), _n(draw), _n(draw, 9)
    made: list[Made] = [(s, Fraction(a, b)) for s in (
        f"{a}/{b}", rf"\frac{{{a}}}{{{b}}}", rf"\dfrac{{{a}}}{{{b}}}", f"{a} / {b}", f"-(-{a}/{b})",
    )]  # fmt: skip
    made += [(s, c + Fraction(a, a + b)) for s in (
        f"{c} {a}/{a + b}", rf"{c}\frac{{{a}}}{{{a + b}}}", f"{c} and {a}/{a + b}",
    )]  # fmt: skip
    made += [(s, None) for s in (
        f"{c}½", f"{c} and a half", f"{a}/x", f"x/{a}", f"1/{a}x", rf"\frac{{x}}{{{a}}}", f"{a}/{b}π",
        f"{c} ¾", rf"\frac{{{a}}}{{x + {b}}}", f"1/({a} + x)", f"-{a}/{b}",
    )]  # fmt: skip
    return draw.choice(made)


def _product(draw: random.Random) -> Made:
    a, b, c = _n(draw), _n(draw), _n(draw)
    x = draw.choice("xnk")
    op = draw.choice(["×", "*", " × ", " * ", " · ", "·", r" \times ", r"\cdot ", " times ", " x "])
    return draw.choice(
        [f"{a}{op}{b}", f"{a}{op}{b}{op}{c}", f"{a}{x}", f"{a}π", rf"{a}\pi", f"{a} pi", f"{a}{x} + {b}",
         f"{a}({b} + {x})", f"{a}({b} + {c})", f"{a} ÷ {b}", f"{a}{x}{x}", f"π{a}", f"{a}k", f"{a}i",
         f"{a} + {b}i", f"2({x} + {a})", f"({a})({b})", f"{x}·{a}", f"{a + b} mod {b}", f"{a} choose {b}",
         f"twice {a}", f"half of {a}", f"{a}M", f"{a} dozen", f"{a} million", f"{a} hundred"]
    ), None  # fmt: skip


def _sum(draw: random.Random) -> Made:
    a, b, c = _n(draw), _n(draw), _n(draw)
    x = draw.choice("xnyt")
    return draw.choice(
        [f"{a} + {b}", f"{a}+{b}", f"{a} - {b} - {c}", f"{x} + {a}", f"{x} - {a}", f"{a} - {x}",
         f"{x}+{a}", f"{a} − {x}", f"{x}² + {a}", f"{a} plus {b}", f"{x} plus {a}", f"{x} minus {a}",
         f"{a} + {b} + {c}", f"±{a}", rf"\pm {a}", f"± {a}", f"{a} ± {b}", rf"{a} \pm {b}", f"-{a}",
         f"- {a}", f"−{a}", f"– {a}", f"-${a}", f"negative {a}", f"minus {a}", f"{a} + √{b}"]
    ), None  # fmt: skip


def _several(draw: random.Random) -> Made:
    a, b, c = _n(draw), _n(draw), _n(draw)
    while len({a, b, c}) < 3:
        a, b, c = _n(draw), _n(draw), _n(draw)
    op = draw.choice(["-", "–", " - ", " to ", " – "])
    return draw.choice(
        [f"{a}{op}{b}", f"{a}:{b}", f"{a} : {b}", f"{a} to {b}", f"{a}:{b}:{c}", f"({a}, {b})", f"({a},{b})",
         f"({a}, {b}, {c})", f"[{a}, {b}]", f"[{a}, {b})", rf"\{{{a}, {b}\}}", f"{{{a}, {b}}}", f"{a}, {b}",
         f"{a} and {b}", f"{a} or {b}", f"{a}, {b} and {c}", f"{a}, {b}, and {c}", f"{a}; {b}",
         f"between {a} and {b}", f"from {a} to {b}", f"{a} in {b}", f"{a} out of {b}", f"one in {b}",
         f"{a} out of every {b}", f"one out of {b}", f"{a} of {b}", f"{a}{op}{b} hours", f"{a} per {b}",
         rf"\left({a}, {b}\right)", f"({a}, ∞)", f"(-∞, {a}]", f"{a} hours {b} minutes",
         f"{a} hours and {b} minutes", f"{a} feet {b} inches", f"{a}' {b}\"", f"{a} or more",
         f"{a} or {b} apples", f"{a} red and {b} blue", f"{a} in every {b}", f"⟨{a}, {b}⟩",
         f"(x, {a})", rf"\binom{{{a}}}{{{b}}}", f"f({a})", f"P({a})", f"max({a}, {b})", f"{a} by {b}"]
    ), None  # fmt: skip


def _time(draw: random.Random) -> Made:
    hour, minute = draw.randint(1, 12), draw.randint(10, 59)
    return draw.choice(
        [f"{hour}:{minute}", f"{hour}:{minute} am", f"{hour}:{minute} p.m.", f"{hour}:{minute}pm",
         f"{hour} am", f"{hour} p.m.", f"{hour}pm", f"June {hour}", f"{hour}/{minute}/2020",
         f"May {minute}, 2021"]
    ), None  # fmt: skip


def _related(draw: random.Random) -> Made:
    a, b = _n(draw), _n(draw)
    x = draw.choice("xunt")
    rel = draw.choice(["<", ">", "≤", "≥", "<=", ">=", r"\le", r"\ge", r"\leq", "≠", r"\neq", "≡"])
    return draw.choice(
        [f"{x} {rel} {a}", f"{x}{rel if rel[0] != chr(92) else '>'}{a}", f"{a} {rel} {x}",
         f"{a} < {x} < {b}", f"{a} ≤ {x} < {b}", f"{x} + {a} = {b}", f"{a} + {x} = {b}", f"{a}{x} = {b}",
         f"1/{x} = {a}", f"{x}/{a} = {b}", f"{x}^2 = {a}", f"{x}² = {a}", f"√{x} = {a}", f"2({x} + {a}) = {b}",
         f"{x} - {a} = {b}", f"|{x}| = {a}", f"{a} = {b}{x}", f"{x}²y = {a}", f"at least {a}",
         f"at most {a}", f"more than {a}", f"less than {a}", f"not {a}", f"about {a}", f"up to {a}",
         f"{a} at most", f"{a} or less", f"{x} = {a} or {x} = {b}", f"{x} = ±{a}", f"{x} is at least {a}",
         f"{x} = {a}, y = {b}", f"log {x} = {a}", f"sin {x} = {a}", f"{a} + ? = {b}", f"{x} mod {a} = {b}",
         f"twice {x} = {a}", f"{x} plus {a} = {b}", f"{a} times {x} = {b}", f"{x} ≈ {a}y"]
    ), None  # fmt: skip


def _value(draw: random.Random) -> Made:
    """Forms whose number is in them: the gold that they equal is skipped, every other is not."""
    a, b = _n(draw, 900), _n(draw, 9)
    noun = draw.choice(["apples", "dollars", "cm", "hours", "red marbles", "people"])
    return draw.choice(
        [(f"{a}", Fraction(a)), (f"{a} {noun}", Fraction(a)), (f"${a}", Fraction(a)),
         (rf"\${a}", Fraction(a)), (f"x = {a}", Fraction(a)), (f"{a}%", Fraction(a)),
         (f"{a}.{b}", Fraction(f"{a}.{b}")), (f"{a},{a + 99:03}", Fraction(f"{a}{a + 99:03}")),
         (f"{a}{{,}}{b}00", Fraction(f"{a}{b}00")), (f"{a}.{b} × 10^3", Fraction(f"{a}.{b}") * 1000),
         (f"{b}e3", Fraction(b) * 1000), (f"{a} + {b} = {a + b}", Fraction(a + b)),
         (f"{a} {noun} + {b} {noun} = {a + b} {noun}", Fraction(a + b)), (f"{a * b}/{b} = {a}", Fraction(a)),
         (f"{b}^2 = {b * b}", Fraction(b * b)), (f"{a}°", Fraction(a)), (f"{a} x {b} = {a * b}", Fraction(a * b)),
         (rf"{a}\text{{ cm}}", Fraction(a)), (f"0.{b}{a}...", None), (f"1.{a:03}", Fraction(f"1.{a:03}"))]
    )  # fmt: skip


KINDS: tuple[Callable[[random.Random], Made], ...] = (
    _root, _power, _fraction, _product, _sum, _several, _time, _related, _value,
)  # fmt: skip

NAMED = ("= {}", "The total = {}")  # an equation behind them would say what the total is
FRAMES = (
    "The answer is {}.", "So it is {}.", "Hence {}", "#### {}", "A: {}", "First we add.\n{}", "**{}**",
    "The answer is: {}", "Answer: {}", "We find 3 of them.\nThe result is {}.", "Therefore the total is {}",
    "Final Answer: The final answer is {}. I hope it is correct.", "**Answer:** {}", "That gives {}.",
    "So she needs {}.", "<answer>{}</answer>", "It follows that\n\n{}\n",
    '{{"reasoning": "add", "answer": "{}"}}', "the number is __{}__.", "So the value is {} in the end.",
    *NAMED,
)  # fmt: skip
WRAPS = ("{}", "{}", "{}", "${}$", r"\({}\)", "$${}$$", r"\[{}\]", "*{}*", "`{}`")
_NUMBERS = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|\d+")


def cases(count: int, seed: int) -> list[tuple[str, str]]:
    """Text and a gold that stands in it and that it must not earn."""
    draw = random.Random(seed)
    made: list[tuple[str, str]] = []
    while len(made) < count:
        expression, value = draw.choice(KINDS)(draw)
        frames = FRAMES[: -len(NAMED)] if "=" in expression else FRAMES
        text = draw.choice(frames).format(draw.choice(WRAPS).format(expression))
        pieces = {number.replace(",", "") for number in _NUMBERS.findall(expression)}
        pieces |= set(re.findall(r"\d+", expression))
        made += [(text, piece) for piece in sorted(pieces) if Fraction(piece) != value]
    return made[:count]


@pytest.mark.slow
def test_a_piece_of_an_expression_earns_nothing() -> None:
    earned = []
    for text, gold in cases(20_000, seed=10):
        found = extract(text)
        if found is not None and decide(found.answer, gold):
            earned.append((text, gold, found.answer, found.rule))
    assert earned[:20] == []


def test_an_expression_earns_what_it_equals() -> None:
    draw = random.Random(11)
    lost = []
    for _ in range(3000):
        expression, value = _value(draw) if draw.random() < 0.7 else _fraction(draw)
        if value is not None and " and " not in expression:  # 9 and 1/2 may be two numbers
            frames = FRAMES[: -len(NAMED)] if "=" in expression else FRAMES
            text = draw.choice(frames).format(expression)
            found = extract(text)
            if found is None or decide(found.answer, str(value)) is not True:
                lost.append((text, str(value), found))
    assert lost[:20] == []
