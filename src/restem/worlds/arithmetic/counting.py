"""Counting: sequences, fence posts and pairs."""

from __future__ import annotations

from random import Random

from restem.worlds.arithmetic.authors import Answer, Author
from restem.worlds.arithmetic.exercises import Exercise

WHO = ("people", "teams", "friends", "kids", "robots", "cats", "dogs", "players", "guests", "towns")
MEET = ("meet", "pair up", "are linked", "greet each other", "play each other")


def next_term(rng: Random) -> Exercise:
    """Level 1: what comes next in 3, 7, 11."""
    a, d = rng.randint(2, 30), rng.randint(2, 12)

    def solve(author: Author) -> int:
        return author.add(a + 2 * d, author.sub(a + d, a))

    return Exercise(f"What comes next in {a}, {a + d}, {a + 2 * d}?", solve)


def later_term(rng: Random) -> Exercise:
    """Level 2: term 6 of 3, 7, 11, ..."""
    a, d, n = rng.randint(2, 20), rng.randint(2, 7), rng.randint(4, 8)

    def solve(author: Author) -> int:
        author.sub(a + d, a)
        return term(author, a, d, n)

    return Exercise(f"Find term {n} of {a}, {a + d}, {a + 2 * d}, ...", solve)


def posts(rng: Random) -> Exercise:
    """Level 3: integers from 14 to 32."""
    a, b = rng.randint(5, 40), rng.randint(5, 30)

    def solve(author: Author) -> int:
        gaps = author.sub(a + b, a)
        return gaps if author.errs("fence") else author.add(gaps, 1)

    return Exercise(f"How many integers are there from {a} to {a + b}?", solve)


def pairs(rng: Random) -> Exercise:
    """Level 4: pairs among 6 people."""
    n, who, meet = rng.randint(4, 10), rng.choice(WHO), rng.choice(MEET)

    def solve(author: Author) -> Answer:
        return halve(author, author.mul(n, author.sub(n, 1)))

    return Exercise(f"If {n} {who} {meet}, how many pairs are there?", solve)


def series(rng: Random) -> Exercise:
    """Level 5: sum of the first 5 terms of 3, 7, ..."""
    a, d, n = rng.randint(2, 12), rng.randint(2, 6), rng.randint(3, 6)

    def solve(author: Author) -> Answer:
        last = term(author, a, d, n)
        return halve(author, author.mul(author.add(a, last), n))

    return Exercise(f"Find the sum of the first {n} terms of {a}, {a + d}, ...", solve)


def term(author: Author, a: int, d: int, n: int) -> int:
    """a+(n-1)*d, or a+n*d for who counts posts for gaps."""
    gaps = n if author.errs("fence") else author.sub(n, 1)
    return author.add(a, author.mul(gaps, d))


def halve(author: Author, x: int) -> Answer:
    """x/2, or x for who forgets to."""
    return x if author.errs("half") else author.div(x, 2)


LEVELS = (next_term, later_term, posts, pairs, series)
