"""Number theory: remainders and common divisors."""

from __future__ import annotations

from random import Random

from restem.worlds.arithmetic.authors import Author
from restem.worlds.arithmetic.exercises import Exercise, factors


def remainder(rng: Random) -> Exercise:
    """Level 1: 23 divided by 5."""
    a, m = rng.randint(15, 60), rng.randint(3, 9)
    return Exercise(f"Find the remainder of {a} divided by {m}.", lambda author: author.mod(a, m))


def common_divisor(rng: Random) -> Exercise:
    """Level 2: gcd of 12 and 18."""
    a, b = multiples(rng, rng.randint(2, 7), 9)
    name = rng.choice(("gcd", "greatest common divisor"))
    return Exercise(
        f"Find the {name} of {a} and {b}.", lambda author: author.gcd(max(a, b), min(a, b))
    )


def common_multiple(rng: Random) -> Exercise:
    """Level 3: lcm of 4 and 6."""
    a, b = multiples(rng, rng.randint(1, 5), 8)
    name = rng.choice(("lcm", "least common multiple"))
    large, small = max(a, b), min(a, b)

    def solve(author: Author) -> int:
        if author.errs("gcd"):
            return author.mul(large, small)
        return author.mul(int(author.div(large, author.gcd(large, small))), small)

    return Exercise(f"Find the {name} of {a} and {b}.", solve)


def multiples(rng: Random, g: int, end: int) -> tuple[int, int]:
    """Two different multiples of g, by factors in 2..end-1."""
    a, b = rng.sample(range(2, end), 2)
    return g * a, g * b


def remainder_of_product(rng: Random) -> Exercise:
    """Level 4: 4*6 divided by 5."""
    (a, b), m = factors(rng), rng.randint(3, 9)
    return Exercise(
        f"Find the remainder of {a}*{b} divided by {m}.",
        lambda author: author.mod(author.mul(a, b), m),
    )


def remainder_of_sum(rng: Random) -> Exercise:
    """Level 5: 4*6+7 divided by 5."""
    (a, b), c, m = factors(rng), rng.randint(3, 19), rng.randint(3, 9)

    def solve(author: Author) -> int:
        return author.mod(author.add(author.mul(a, b), c), m)

    return Exercise(f"Find the remainder of {a}*{b}+{c} divided by {m}.", solve)


LEVELS = (remainder, common_divisor, common_multiple, remainder_of_product, remainder_of_sum)
