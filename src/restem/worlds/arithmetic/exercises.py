"""What every subject is made of: an exercise is a question and the way an author goes about it.

A subject is a file with five functions, one per level, each `Random -> Exercise`. Operands are
small (sums below 110, products of the times tables up to 50), because a tiny model should fail by
misconception, not by arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from restem.worlds.arithmetic.authors import Answer, Author

MAX_PRODUCT = 50


@dataclass(frozen=True, slots=True)
class Exercise:
    """One question of a cell of the world."""

    question: str
    solve: Callable[[Author], Answer]
    """Lets an author write the steps down; returns the answer, with the author's mistakes."""


def factors(rng: Random, limit: int = MAX_PRODUCT, high: int = 9) -> tuple[int, int]:
    """Two factors in 2..high with a product of at most `limit`."""
    a = rng.randint(2, high)
    return a, rng.randint(2, min(high, limit // a))


def product_plus(author: Author, a: int, b: int, c: int) -> int:
    """a+b*c, from left to right for who does not know which comes first."""
    if author.errs("prec"):
        return author.mul(author.add(a, b), c)
    return author.add(a, author.mul(b, c))


def two_products(author: Author, a: int, b: int, c: int, d: int) -> int:
    """a*b+c*d, from left to right for who does not know which comes first."""
    x = author.mul(a, b)
    return product_plus(author, x, c, d)
