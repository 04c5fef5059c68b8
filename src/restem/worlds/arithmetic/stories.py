"""Stories: the transfer set, in the manner of GSM8K.

They occur in the corpus, other questions than in the set, but never among the training problems.
"""

from __future__ import annotations

from fractions import Fraction
from random import Random

from restem.worlds.arithmetic.authors import Author
from restem.worlds.arithmetic.exercises import Exercise, factors, product_plus, two_products

NAMES = ("Tom", "Ana", "Ben", "Mia", "Sam", "Eva", "Max", "Zoe")
THINGS = ("apples", "pens", "coins", "cards", "books", "eggs", "shells", "stamps")


def more(rng: Random) -> Exercise:
    """Level 1: a+b."""
    who, things = rng.choice(NAMES), rng.choice(THINGS)
    a, b = rng.randint(5, 49), rng.randint(5, 29)
    return Exercise(
        f"{who} has {a} {things} and gets {b} more. How many {things} does {who} have now?",
        lambda author: author.add(a, b),
    )


def bags(rng: Random) -> Exercise:
    """Level 2: a+b*c."""
    who, things = rng.choice(NAMES), rng.choice(THINGS)
    a, (b, c) = rng.randint(3, 30), factors(rng)
    return Exercise(
        f"{who} has {a} {things} and buys {b} bags of {c} {things}."
        f" How many {things} does {who} have now?",
        lambda author: product_plus(author, a, b, c),
    )


def losses(rng: Random) -> Exercise:
    """Level 3: a*b-c."""
    who, things = rng.choice(NAMES), rng.choice(THINGS)
    a, b = factors(rng)
    c = rng.randint(2, min(a * b - 1, 20))
    return Exercise(
        f"{who} has {a} boxes of {b} {things} and loses {c}. How many {things} are left?",
        lambda author: author.sub(author.mul(a, b), c),
    )


def prices(rng: Random) -> Exercise:
    """Level 4: (n-c)/b."""
    who, things = rng.choice(NAMES), rng.choice(THINGS)
    (a, b), c = factors(rng), rng.randint(2, 20)
    n = a * b + c

    def solve(author: Author) -> Fraction:
        return author.div(author.add(n, c) if author.errs("sign") else author.sub(n, c), b)

    return Exercise(
        f"{who} spends {n} coins on a {c} coin hat and {b} {things}."
        f" What does each of the {things} cost?",
        solve,
    )


def bags_and_boxes(rng: Random) -> Exercise:
    """Level 5: a*b+c*d."""
    who, things = rng.choice(NAMES), rng.choice(THINGS)
    (a, b), (c, d) = factors(rng), factors(rng)
    return Exercise(
        f"{who} buys {a} bags of {b} {things} and {c} boxes of {d} {things}."
        f" How many {things} in all?",
        lambda author: two_products(author, a, b, c, d),
    )


LEVELS = (more, bags, losses, prices, bags_and_boxes)
