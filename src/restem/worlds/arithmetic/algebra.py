"""Algebra: linear equations in x."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from restem.worlds.arithmetic.authors import Author
from restem.worlds.arithmetic.exercises import Exercise, factors


def shifted(rng: Random) -> Exercise:
    """Level 1: x+7=22."""
    x, b = rng.randint(2, 40), rng.randint(5, 30)
    return Exercise(f"Solve x+{b}={x + b}.", lambda author: author.move("x", x + b, b))


def two_steps(rng: Random) -> Exercise:
    """Level 2: 3x+7=22."""
    (a, x), b = factors(rng), rng.randint(2, 20)
    c = a * x + b

    def solve(author: Author) -> Fraction:
        v = author.move(f"{a}x", c, b)
        return author.div(v, a, f"x={v}/{a}")

    return Exercise(f"Solve {a}x+{b}={c}.", solve)


def bracket(rng: Random) -> Exercise:
    """Level 3: 3(x+2)=21. There are 120 of these, the fewest of all cells."""
    a, x, b = rng.randint(2, 6), rng.randint(2, 7), rng.randint(2, 5)
    c = a * (x + b)

    def solve(author: Author) -> int:
        v = author.div(c, a, f"x+{b}={c}/{a}")
        return author.move("x", int(v), b)

    return Exercise(f"Solve {a}(x+{b})={c}.", solve)


def both_sides(rng: Random) -> Exercise:
    """Level 4: 5x+4=2x+19."""
    c, e, x, b = rng.randint(2, 5), rng.randint(2, 5), rng.randint(2, 9), rng.randint(2, 20)
    d = e * x + b
    return Exercise(f"Solve {c + e}x+{b}={c}x+{d}.", lambda author: collect(author, c + e, b, c, d))


def bracket_and_both_sides(rng: Random) -> Exercise:
    """Level 5: 5(x+2)+4=2x+29."""
    c, e, x = rng.randint(2, 5), rng.randint(2, 5), rng.randint(2, 9)
    a, b, f = c + e, rng.randint(2, 5), rng.randint(2, 9)
    d = e * x + a * b + f

    def solve(author: Author) -> Fraction:
        return collect(author, a, author.add(author.mul(a, b), f), c, d)

    return Exercise(f"Solve {a}(x+{b})+{f}={c}x+{d}.", solve)


def collect(author: Author, a: int, b: int, c: int, d: int) -> Fraction:
    """ax+b=cx+d with a > c."""
    sign, e = ("+", a + c) if author.errs("sign") else ("-", a - c)
    author.steps.append(f"{a}x{sign}{c}x={e}x")
    v = author.move(f"{e}x", d, b)
    return author.div(v, e, f"x={v}/{e}")


LEVELS = (shifted, two_steps, bracket, both_sides, bracket_and_both_sides)
