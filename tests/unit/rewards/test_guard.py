"""What is refused unread, and what must not be."""

import time

import pytest

from restem.rewards.guard import refusal

REFUSED = [
    ("9^{9^{9}}", "tower"),
    ("9^9^9", "tower"),
    (r"2^{10!}", "tower"),
    ("10^{1000000}", "exponent"),
    (r"\prod_{k=1}^{100000000} k", "exponent"),
    ("((20!)!)!", "factorial"),
    ("100000!", "factorial"),
    (r"\binom{100000}{50000}", "binomial"),
    ("1" * 121, "digits"),
    ("x+" * 301, "length"),
    ("(" * 25 + "x" + ")" * 25, "nesting"),
    (r"x&" * 65, "matrix"),
    ("5} and {6", "braces"),
    ("__import__('os').system('true')", "code"),
    ("eval('1')", "code"),
    (r"x + 1 2", "digits apart"),
    (r"5 \text{ or more}", "words"),
    ("3 dozen", "words"),
    (r"5 \sim x", "marks"),
    (r"5\ldots", "marks"),
    ("5...", "marks"),
    (r"\phantom{5}", "marks"),
    ("5_{m}", "marks"),
    (r"x \text{ or } \text{never}", "words"),
]  # fmt: skip

LET_THROUGH = ["2^6 3^5", r"\log_2 8", "x^{2y}", "e^{x^2}", r"\frac{3\sqrt5}{7}", r"\cos x", r"10!",
               r"\sqrt[3]{2}", r"3\sqrt{2}\text{ cm}", r"2^{10}"]  # fmt: skip


@pytest.mark.parametrize(("answer", "reason"), REFUSED)
def test_refused_with_a_reason(answer: str, reason: str) -> None:
    assert refusal(answer, "5") == reason


@pytest.mark.parametrize("answer", LET_THROUGH)
def test_honest_formulas_pass(answer: str) -> None:
    assert refusal(answer, "5") is None


def test_words_may_stand_on_both_sides() -> None:
    gold = r"x \text{ if } x > 0"
    assert refusal(r"2x \text{ if } x > 0", gold) is None
    assert refusal("2x", gold) == "words"


def test_the_guard_is_fast_on_long_answers() -> None:
    for piece in ("^", "^{", "{", "(", "!", "1", "\\text{", "x "):
        start = time.process_time()
        refusal(piece * (600 // len(piece)), "5")
        assert time.process_time() - start < 2
