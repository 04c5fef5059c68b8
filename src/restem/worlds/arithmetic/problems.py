"""The world's map: cells of subject x level, and drawing an exercise from one."""

from __future__ import annotations

from random import Random

from restem.worlds.arithmetic import (
    algebra,
    counting,
    fractions,
    number_theory,
    prealgebra,
    stories,
)
from restem.worlds.arithmetic.exercises import Exercise

MAKERS = {
    "prealgebra": prealgebra.LEVELS,
    "algebra": algebra.LEVELS,
    "number_theory": number_theory.LEVELS,
    "counting": counting.LEVELS,
    "fractions": fractions.LEVELS,
    "story": stories.LEVELS,
}
STORY = "story"
SUBJECTS = tuple(subject for subject in MAKERS if subject != STORY)
LEVELS = (1, 2, 3, 4, 5)

Cell = tuple[str, int]
"""Subject and level."""
CELLS: tuple[Cell, ...] = tuple((subject, level) for level in LEVELS for subject in SUBJECTS)
STORY_CELLS: tuple[Cell, ...] = tuple((STORY, level) for level in LEVELS)


def draw(cell: Cell, rng: Random) -> Exercise:
    """A random exercise of the cell; the same question may come again."""
    subject, level = cell
    return MAKERS[subject][level - 1](rng)
