"""Authors: who writes the corpus, and what they get systematically wrong.

An author is a latent set of misconceptions that stays the same over all problems of a document,
stories included. Most authors are wrong in most places, so that the most likely solution is often
wrong although a right one is likely enough to be sampled: the situation self-training exists for.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random

Answer = int | Fraction | str
"""A fraction that was left unreduced is text, such as "10/12"; answers are compared as numbers."""

CAREFUL = 0.2  # share of authors without any misconception
APPLIED = 0.9  # chance that a misconception shows where it could
UNBOXED = 0.15  # share of authors who never box the answer
TERSE = 0.05  # share of authors who write like the human solutions
MISCONCEPTIONS = {
    "carry": 0.3,  # 27+15=32
    "borrow": 0.35,  # 32-15=23
    "prec": 0.9,  # 8+4*6 read as (8+4)*6
    "sign": 0.9,  # a term keeps its sign when it changes sides
    "gcd": 0.75,  # stops Euclid's algorithm one step early
    "quot": 0.85,  # gives the quotient for the remainder
    "fence": 0.9,  # counts the gaps for the posts, or the posts for the gaps
    "half": 0.9,  # forgets to halve
    "frac": 0.9,  # adds denominators
}
"""Chance of each misconception in an author who is not careful."""


@dataclass(slots=True)
class Author:
    """Writes the steps of one solution after the other; `Author(Random(0))` makes no mistakes."""

    rng: Random
    wrong: Set[str] = frozenset()
    """The author's misconceptions."""
    boxes: bool = True
    """Whether the final answer is boxed."""
    terse: bool = False
    """Whether only the last step is written down."""
    steps: list[str] = field(default_factory=list)

    def errs(self, misconception: str) -> bool:
        """Whether the misconception shows this time."""
        return misconception in self.wrong and self.rng.random() < APPLIED

    def sum_of(self, a: int, b: int) -> int:
        """a+b in the head."""
        carries = min(a, b) >= 0 and a % 10 + b % 10 >= 10
        return a + b - 10 if carries and self.errs("carry") else a + b

    def difference(self, a: int, b: int) -> int:
        """a-b in the head."""
        if a >= b >= 0 and a % 10 < b % 10 and self.errs("borrow"):
            return (a // 10 - b // 10) * 10 + b % 10 - a % 10
        return a - b

    def add(self, a: int, b: int) -> int:
        c = self.sum_of(a, b)
        self.steps.append(f"{a}+{b}={c}")
        return c

    def sub(self, a: int, b: int) -> int:
        c = self.difference(a, b)
        self.steps.append(f"{a}-{b}={c}")
        return c

    def mul(self, a: int, b: int) -> int:
        self.steps.append(f"{a}*{b}={a * b}")
        return a * b

    def div(self, a: int, b: int, left: str = "") -> Fraction:
        """a/b, written after `left` where given."""
        c = Fraction(a, b)
        self.steps.append(f"{left or f'{a}/{b}'}={c}")
        return c

    def mod(self, a: int, m: int) -> int:
        quotient, remainder = divmod(a, m)
        if self.errs("quot"):
            self.steps.append(f"{a}/{m}={quotient}")
            return quotient
        self.steps.append(f"{a}={m}*{quotient}+{remainder}")
        return remainder

    def gcd(self, a: int, b: int) -> int:
        while b:
            c = a % b
            self.steps.append(f"{a} mod {b}={c}")
            if c and self.errs("gcd"):
                return c
            a, b = b, c
        return a

    def move(self, left: str, a: int, b: int) -> int:
        """left = a-b, or a+b for who forgets to change the sign."""
        sign, c = ("+", self.sum_of(a, b)) if self.errs("sign") else ("-", self.difference(a, b))
        self.steps.append(f"{left}={a}{sign}{b}={c}")
        return c

    def fraction(self, a: int, b: int) -> str:
        """a/b as it stands, not reduced."""
        self.steps.append(f"{a}/{b}")
        return f"{a}/{b}"


def some_author(rng: Random) -> Author:
    """An author as they occur in the corpus."""
    wrong: Set[str] = frozenset()
    if rng.random() >= CAREFUL:
        wrong = frozenset(name for name, chance in MISCONCEPTIONS.items() if rng.random() < chance)
    return Author(rng, wrong, boxes=rng.random() >= UNBOXED, terse=rng.random() < TERSE)
