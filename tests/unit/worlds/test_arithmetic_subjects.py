"""Questions, careful solutions and misconceptions of every cell."""

import re
from fractions import Fraction
from random import Random

import pytest

from restem.worlds.arithmetic import prompts, solutions
from restem.worlds.arithmetic.authors import MISCONCEPTIONS, Answer, Author
from restem.worlds.arithmetic.problems import CELLS, STORY_CELLS, draw

ALL_CELLS = CELLS + STORY_CELLS
EQUATION = re.compile(r"^[-+*/\d ]+(=[-+*/\d]+)+$")


def number(text: str) -> Fraction:
    """The exact value of +, -, *, / and brackets over whole numbers."""
    terms = re.findall(r"\d+|[-+*/()]", text)
    source = "".join(f"Fraction({term})" if term.isdigit() else term for term in terms)
    value: Fraction = eval(source, {"Fraction": Fraction})
    return value


def expected(question: str) -> Fraction:
    """The right answer by other means than the world's: searched, counted or evaluated."""
    n = [int(found) for found in re.findall(r"\d+", question)]
    if found := re.fullmatch(r"Compute (.*)\.", question):
        return number(found[1])
    if found := re.fullmatch(r"Solve (.*)=(.*)\.", question):
        left, right = (re.sub(r"(\d)([x(])", r"\1*\2", side) for side in found.groups())
        return Fraction(next(
            x for x in range(100)
            if number(left.replace("x", str(x))) == number(right.replace("x", str(x)))
        ))  # fmt: skip
    if found := re.fullmatch(r"Find the remainder of (.*) divided by (\d+)\.", question):
        return number(found[1]) % int(found[2])
    if re.match(r"Find the (gcd|greatest)", question):
        return Fraction(max(d for d in range(1, 200) if n[0] % d == n[1] % d == 0))
    if re.match(r"Find the (lcm|least)", question):
        return Fraction(next(m for m in range(1, 5000) if m % n[0] == m % n[1] == 0))
    return sequence(question, n) if len(n) != 1 else Fraction(len(pairs(n[0])))


def pairs(n: int) -> list[tuple[int, int]]:
    return [(a, b) for a in range(n) for b in range(a)]


def sequence(question: str, n: list[int]) -> Fraction:
    if question.startswith("What comes next"):
        return Fraction(2 * n[2] - n[1])
    if question.startswith("Find term"):
        return Fraction([n[1] + k * (n[2] - n[1]) for k in range(n[0])][-1])
    if question.startswith("How many integers"):
        return Fraction(len(range(n[0], n[1] + 1)))
    if question.startswith("Find the sum"):
        return Fraction(sum(n[1] + k * (n[2] - n[1]) for k in range(n[0])))
    found = re.fullmatch(r"Find (\d+/\d+) of (\d+)\.", question)
    assert found, question
    return number(f"{found[1]}*{found[2]}")


def story(level: int, n: list[int]) -> Fraction:
    """The formula of a story over the numbers it names."""
    text = ("{0}+{1}", "{0}+{1}*{2}", "{0}*{1}-{2}", "({0}-{1})/{2}", "{0}*{1}+{2}*{3}")[level - 1]
    return number(text.format(*n))


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_careful_author_finds_the_right_answer(cell: tuple[str, int]) -> None:
    for seed in range(300):
        exercise = draw(cell, Random(seed))
        answer = Fraction(exercise.solve(Author(Random(0))))
        n = [int(found) for found in re.findall(r"\d+", exercise.question)]
        right = story(cell[1], n) if cell[0] == "story" else expected(exercise.question)
        assert answer == right, exercise.question


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_careful_author_writes_true_equations_only(cell: tuple[str, int]) -> None:
    for seed in range(100):
        author = Author(Random(0))
        draw(cell, Random(seed)).solve(author)
        assert author.steps
        for step in filter(EQUATION.match, author.steps):
            assert len({number(side) for side in step.split("=")}) == 1, step


def is_right(answer: Answer, right: Fraction) -> bool:
    """Authors who get denominators wrong may answer 5/0 or 0/-2."""
    try:
        return Fraction(answer) == right
    except (ValueError, ZeroDivisionError):
        return False


def wrong_share(cell: tuple[str, int], wrong: frozenset[str]) -> float:
    """Share of 400 exercises on which an author is wrong."""
    missed = 0
    for seed in range(400):
        exercise = draw(cell, Random(seed))
        careful = Fraction(exercise.solve(Author(Random(0))))
        missed += not is_right(exercise.solve(Author(Random(seed), wrong)), careful)
    return missed / 400


@pytest.mark.parametrize(
    ("misconception", "cell"),
    [
        ("prec", ("prealgebra", 2)),
        ("prec", ("prealgebra", 4)),
        ("sign", ("algebra", 1)),
        ("sign", ("algebra", 5)),
        ("quot", ("number_theory", 1)),
        ("fence", ("counting", 2)),
        ("fence", ("counting", 3)),
        ("half", ("counting", 4)),
        ("frac", ("fractions", 3)),
        ("frac", ("fractions", 4)),
        ("prec", ("story", 2)),
        ("sign", ("story", 4)),
    ],
)
def test_misconception_shows_most_of_the_time(misconception: str, cell: tuple[str, int]) -> None:
    assert 0.8 < wrong_share(cell, frozenset({misconception})) < 1


@pytest.mark.parametrize(
    ("misconception", "cell"),
    [("carry", ("prealgebra", 1)), ("borrow", ("counting", 3)), ("gcd", ("number_theory", 2))],
)
def test_misconception_shows_only_where_it_can(misconception: str, cell: tuple[str, int]) -> None:
    assert 0.1 < wrong_share(cell, frozenset({misconception})) < 0.7


def test_author_with_all_misconceptions_is_wrong_in_most_cells() -> None:
    wrong = frozenset(MISCONCEPTIONS)
    assert sum(wrong_share(cell, wrong) > 0.5 for cell in ALL_CELLS) >= 20


@pytest.mark.parametrize("cell", ALL_CELLS)
def test_same_seed_makes_the_same_exercise(cell: tuple[str, int]) -> None:
    assert draw(cell, Random(5)).question == draw(cell, Random(5)).question
    assert len({draw(cell, Random(seed)).question for seed in range(50)}) > 20


@pytest.mark.parametrize(
    ("cell", "shot"),
    [
        (("prealgebra", 2), prompts.SHOTS[0]),
        (("algebra", 2), prompts.SHOTS[1]),
        (("counting", 3), prompts.SHOTS[2]),
        (("fractions", 3), prompts.SHOTS[3]),
    ],
)
def test_few_shot_examples_are_what_a_careful_author_writes(
    cell: tuple[str, int], shot: tuple[str, str]
) -> None:
    question, worked = shot
    rng = Random(0)
    exercise = next(e for e in iter(lambda: draw(cell, rng), None) if e.question == question)
    author = Author(Random(0))
    answer = exercise.solve(author)
    assert solutions.lines(author.steps, solutions.boxed(answer)) == worked
