"""Fractions: sums, differences and parts. Results are left unreduced."""

from __future__ import annotations

from random import Random

from restem.worlds.arithmetic.authors import Author
from restem.worlds.arithmetic.exercises import Exercise, factors


def same_denominator(rng: Random) -> Exercise:
    """Level 1: 2/7+3/7."""
    b = rng.randint(5, 15)
    a, c = rng.randint(1, b - 1), rng.randint(1, b - 1)

    def solve(author: Author) -> str:
        top = author.add(a, c)
        return author.fraction(top, author.add(b, b) if author.errs("frac") else b)

    return Exercise(f"Compute {a}/{b}+{c}/{b}.", solve)


def part(rng: Random) -> Exercise:
    """Level 2: 2/3 of 12."""
    b, k = factors(rng)
    a, n = rng.randint(1, b - 1), b * k
    return Exercise(f"Find {a}/{b} of {n}.", lambda author: author.mul(int(author.div(n, b)), a))


def total(rng: Random) -> Exercise:
    """Level 3: 1/2+1/3."""
    a, b, c, d = two_fractions(rng)

    def solve(author: Author) -> str:
        return author.fraction(*combine(author, "+", (a, b), (c, d)))

    return Exercise(f"Compute {a}/{b}+{c}/{d}.", solve)


def difference(rng: Random) -> Exercise:
    """Level 4: 1/2-1/3, the larger one first."""
    a, b, c, d = two_fractions(rng)
    if a * d < c * b:
        a, b, c, d = c, d, a, b

    def solve(author: Author) -> str:
        return author.fraction(*combine(author, "-", (a, b), (c, d)))

    return Exercise(f"Compute {a}/{b}-{c}/{d}.", solve)


def multiple_of_total(rng: Random) -> Exercise:
    """Level 5: 3*(1/2+1/3)."""
    a, b, c, d = two_fractions(rng)
    e = rng.randint(2, 5)

    def solve(author: Author) -> str:
        x, y = combine(author, "+", (a, b), (c, d))
        author.fraction(x, y)
        return author.fraction(author.mul(e, x), y)

    return Exercise(f"Compute {e}*({a}/{b}+{c}/{d}).", solve)


def two_fractions(rng: Random) -> tuple[int, int, int, int]:
    """a/b and c/d below 1, with different denominators in 2..7."""
    b, d = rng.sample(range(2, 8), 2)
    return rng.randint(1, b - 1), b, rng.randint(1, d - 1), d


def combine(
    author: Author, sign: str, left: tuple[int, int], right: tuple[int, int]
) -> tuple[int, int]:
    """Numerator and denominator of left+right or left-right; term by term for who cannot do it."""
    (a, b), (c, d) = left, right
    operate = author.add if sign == "+" else author.sub
    if author.errs("frac"):
        x, y = operate(a, c), operate(b, d)
        return x, y or b
    x, z, y = author.mul(a, d), author.mul(c, b), author.mul(b, d)
    return operate(x, z), y


LEVELS = (same_denominator, part, total, difference, multiple_of_total)
