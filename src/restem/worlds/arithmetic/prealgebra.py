"""Prealgebra: order of operations."""

from __future__ import annotations

from random import Random

from restem.worlds.arithmetic.authors import Author
from restem.worlds.arithmetic.exercises import (
    MAX_PRODUCT,
    Exercise,
    factors,
    product_plus,
    two_products,
)


def sum_or_difference(rng: Random) -> Exercise:
    """Level 1: 27+15."""
    a, b, sign = rng.randint(5, 49), rng.randint(5, 29), rng.choice("+-")
    if sign == "+":
        return Exercise(f"Compute {a}+{b}.", lambda author: author.add(a, b))
    large, small = max(a, b), min(a, b)
    return Exercise(f"Compute {large}-{small}.", lambda author: author.sub(large, small))


def sum_with_product(rng: Random) -> Exercise:
    """Level 2: 8+4*6."""
    a, (b, c) = rng.randint(3, 30), factors(rng)
    return Exercise(f"Compute {a}+{b}*{c}.", lambda author: product_plus(author, a, b, c))


def bracket(rng: Random) -> Exercise:
    """Level 3: (3+4)*5-6."""
    a, b = rng.randint(2, 5), rng.randint(2, 4)
    c = rng.randint(2, min(9, MAX_PRODUCT // (a + b)))
    d = rng.randint(2, min(20, (a + b) * c - 1))

    def solve(author: Author) -> int:
        return author.sub(author.mul(author.add(a, b), c), d)

    return Exercise(f"Compute ({a}+{b})*{c}-{d}.", solve)


def sum_of_products(rng: Random) -> Exercise:
    """Level 4: 3*4+5*6."""
    (a, b), (c, d) = factors(rng), factors(rng)
    return Exercise(f"Compute {a}*{b}+{c}*{d}.", lambda author: two_products(author, a, b, c, d))


def bracket_with_product(rng: Random) -> Exercise:
    """Level 5: (3+4)*5-2*6."""
    a, b, (d, e) = rng.randint(3, 5), rng.randint(2, 4), factors(rng, 20, high=5)
    c = rng.randint(4, min(9, MAX_PRODUCT // (a + b)))

    def solve(author: Author) -> int:
        x = author.mul(author.add(a, b), c)
        if author.errs("prec"):
            return author.mul(author.sub(x, d), e)
        return author.sub(x, author.mul(d, e))

    return Exercise(f"Compute ({a}+{b})*{c}-{d}*{e}.", solve)


LEVELS = (sum_or_difference, sum_with_product, bracket, sum_of_products, bracket_with_product)
