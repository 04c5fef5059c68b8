"""Answers that are spelled differently and are the same; answers that only look alike."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restem.rewards.normal import normalise, split_top

SAME = [
    (r"\dfrac{1}{2}", r"\frac{1}{2}"),
    (r"\tfrac12", r"\frac12"),
    (r"\frac 1 2", r"\frac{1}{2}"),
    (r"\frac1{10}", r"\frac{1}{10}"),
    (r"\sqrt2", r"\sqrt{2}"),
    ("√2", r"\sqrt{2}"),
    ("√(2)", r"\sqrt{2}"),
    (r"\left( 3, \pi \right)", r"(3,\pi)"),
    (r"x\,y", "xy"),
    ("1,234", "1234"),
    ("1{,}234", "1234"),
    (r"1,\!234", "1234"),
    (r"1\,234", "1234"),
    ("12 345 678", "12345678"),
    ("1,234, 5,678", "1234, 5678"),
    ("$12", "12"),
    (r"\$12", "12"),
    ("5 cm", "5"),
    (r"5\text{ cm}^2", "5"),
    (r"5 \mathrm{cm}", "5"),
    ("12 apples", "12"),
    (r"12\text{ red apples}", "12"),
    ("60 miles per hour", "60"),
    (r"30^\circ", "30"),
    (r"30^{\circ}", "30"),
    (r"10\%", "10%"),
    ("10 percent", "10%"),
    (r"10 \text{ percent}", "10%"),
    ("3 million", r"3\times10^6"),
    ("1 1/2", r"1\frac{1}{2}"),
    (r"\text{Evelyn}", "Evelyn"),
    (r"\text{(A)}", "A"),
    ("(A)", "A"),
    ("3 and 4", "3,4"),
    (r"3 \text{ or } 4", "3,4"),
    ("3, 4, and 5", "3,4,5"),
    ("x >= 2", r"x\geq 2"),
    ("x≤2", r"x\le2"),
    ("(5)", "5"),
    (r"\begin{bmatrix}1\\2\end{bmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
    ("5.", "5"),
    ("1 ~ \n 1/2", "1 1/2"),
    (r"3\quad\quad\text{ and }~~4", "3,4"),
]

DIFFERENT = [
    ("1 2", "12"),
    ("1, 234", "1234"),
    ("(1,200)", "(1200)"),
    ("1 1/2", "11/2"),
    ("5 or more", "5"),
    (r"5 \text{ or more}", "5"),
    ("3 dozen", "3"),
    (r"2\text{ thirds}", "2"),
    (r"3\text{ million}", "3"),
    ("4 factorial", "4"),
    ("2 m", "2"),
    ("5 ab", "5"),
    ("5 doubled", "5"),
    ("5 square", "5"),
    (r"5\text{ tens}", "5"),
    (r"5\text{ hundred thousand}", "500"),
    (r"5\text{ tripled}", "5"),
    ("٥", "5"),
    (r"1\\ 2", r"1\2"),
    ("12,345,6", "123456"),
    (r"\sqrt23", r"\sqrt{23}"),
    (r"5\text{x}", "5"),
    (r"x\text{ or }\text{never}", "x"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_answer_agree(one: str, other: str) -> None:
    assert normalise(one).text == normalise(other).text


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_answers_that_differ_stay_different(one: str, other: str) -> None:
    assert normalise(one).text != normalise(other).text


@pytest.mark.parametrize(
    ("answer", "unit"),
    [("5 inches", "inch"), (r"5\text{ in.}", "inch"), (r"\$5", "dollar"), ("5 dollars", "dollar"),
     ("5 cents", "cent"), ("5 square feet", "foot^2"), ("5 apples", ""), ("5", "")],
)  # fmt: skip
def test_measures_are_remembered(answer: str, unit: str) -> None:
    assert normalise(answer).unit == unit


def test_commas_in_brackets_part_numbers_unless_zeros_follow() -> None:
    assert normalise("(1,234)").text == "(1,234)"
    assert normalise("(1,000)").text == "1000"
    assert normalise(r"\frac{1,234}{5}").text == r"\frac{1234}{5}"


def test_split_top_sees_brackets() -> None:
    assert split_top(r"(1,2),\{3,4\},[5,6)") == ["(1,2)", r"\{3,4\}", "[5,6)"]
    assert split_top("1),(2") is None
    assert split_top("(1,2") is None


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789.,/%$ \\{}()[]^_+-=abxfrctesq", max_size=40))
def test_any_text_has_a_normal_form_without_blank_edges(text: str) -> None:
    spelled = normalise(text).text
    assert spelled == spelled.strip()


def test_long_answers_take_little_time() -> None:
    import time

    for piece in ("1,", " ", "{", "\\text{", "(", "1 1/2", "a", "\\frac", "9", "and ", ",000"):
        start = time.process_time()
        normalise(piece * (2000 // len(piece)))
        assert time.process_time() - start < 2
