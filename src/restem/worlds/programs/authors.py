"""Authors: who writes the corpus, and what they get systematically wrong.

An author is a latent set of misconceptions that stays the same over all problems of a document,
functions included. For the harder operations the wrong twin is more likely than the right line, so
that the most likely program is often wrong although a right one is likely enough to be sampled.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from random import Random

from restem.worlds.programs.chains import Chain, Step
from restem.worlds.programs.operations import OPERATIONS

CAREFUL = 0.25  # share of authors without any misconception
APPLIED = 0.9  # chance that a wrong twin shows where it could
SLIPS = 0.4  # chance that the order is wrong or a step is left out, for those who do
RARE = 0.1  # share of the mistakes that are the rarer twin
TERSE = 0.05  # share of authors who write like the human solutions
LAMBDAS = {0.0: 0.5, 1.0: 0.25, 0.5: 0.25}  # an author's share of lines with map and filter
HARD, EASY = 0.95, 0.45  # chance of the misconception in an author who is not careful
HARD_OPERATIONS = frozenset(
    {"above", "at_least", "multiple", "square", "negate", "subtract", "modulo", "divide", "first",
     "range"}
)  # fmt: skip
ORDER, SKIP, UNPARSED = "order", "skip", "unparsed"
OTHER_MISCONCEPTIONS = {ORDER: 0.3, SKIP: 0.3, UNPARSED: 0.2}


@dataclass(frozen=True, slots=True)
class Author:
    """Writes programs; `Author(Random(0))` makes no mistakes."""

    rng: Random
    wrong: Set[str] = frozenset()
    """Names of operations this author gets wrong, and of OTHER_MISCONCEPTIONS."""
    lambdas: float = 0.0
    """Share of the lines with map and filter instead of a comprehension."""
    terse: bool = False
    """Whether everything goes into one line."""

    def errs(self, misconception: str, chance: float = APPLIED) -> bool:
        """Whether the misconception shows this time."""
        return misconception in self.wrong and self.rng.random() < chance

    def solve(self, chain: Chain) -> Chain:
        """The steps as this author takes them."""
        steps = list(chain)
        if len(steps) > 2 and self.errs(ORDER, SLIPS):
            steps[0], steps[1] = steps[1], steps[0]
        if len(steps) > 2 and self.errs(SKIP, SLIPS):
            steps.pop(self.rng.randrange(len(steps) - 1))
        return tuple(self.take(step) for step in steps)

    def take(self, step: Step) -> Step:
        """The step, or a wrong twin of it."""
        if not self.errs(step.operation.name):
            return step
        usual, rare = step.twins()
        return rare if self.rng.random() < RARE else usual


def some_author(rng: Random) -> Author:
    """An author as they occur in the corpus."""
    wrong: Set[str] = frozenset()
    if rng.random() >= CAREFUL:
        chances = {name: HARD if name in HARD_OPERATIONS else EASY for name in OPERATIONS}
        chances |= OTHER_MISCONCEPTIONS
        wrong = frozenset(name for name, chance in chances.items() if rng.random() < chance)
    lambdas = rng.choices(tuple(LAMBDAS), tuple(LAMBDAS.values()))[0]
    return Author(rng, wrong, lambdas, terse=rng.random() < TERSE)
