r"""math_world: short arithmetic problems of the embedded world, and stories as the transfer set.

    source      made on the spot by `restem.worlds`, seed `data.seed`; nothing to download
    licence     that of this project
    splits      train, val, test: 5 subjects x 5 levels in turn; stories: 5 templates as in GSM8K
    answer      a number in the last \boxed{}; fractions may be unreduced
    human       "textbook" solutions: right, but only the last step is written down
    stands for  MATH (arXiv 2103.03874) and GSM8K (arXiv 2110.14168) as used in arXiv 2312.06585

The splits share no question with each other or with the few-shot examples, and the base model
never sees one of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from random import Random

from restem.core.params import Data
from restem.core.records import Problem
from restem.core.seeds import seed_for
from restem.tasks.cells import in_turn, tries
from restem.worlds.arithmetic import prompts, solutions
from restem.worlds.arithmetic.authors import Author
from restem.worlds.arithmetic.exercises import Exercise
from restem.worlds.arithmetic.problems import CELLS, STORY_CELLS, Cell, draw

VERSION = "1"
REWARDS = ("math",)
NAME = "math_world"
Taken = dict[str, Cell]  # every question in use, and the cell it is from


def problems(data: Data) -> dict[str, list[Problem]]:
    """All splits; the evaluated ones are made first, so `train_problems` does not change them.

    Raises: ParamsError if the world has too few problems, or too few examples for `data.few_shot`.
    """
    taken: Taken = dict.fromkeys(prompts.SHOT_QUESTIONS, ("shot", 0))
    test = fill("test", data.test_problems, CELLS, data, taken)
    val = fill("val", data.val_problems, CELLS, data, taken)
    stories = fill("stories", data.transfer_problems, STORY_CELLS, data, taken)
    train = fill("train", data.train_problems, CELLS, data, taken)
    return {"train": train, "val": val, "test": test, "stories": stories}


def fill(split: str, size: int, cells: Sequence[Cell], data: Data, taken: Taken) -> list[Problem]:
    """`size` problems with new questions, from each cell in turn. Raises: ParamsError."""
    rng = Random(seed_for(data.seed, NAME, split))
    found = in_turn(
        cells,
        size,
        split,
        lambda cell: new_exercise(cell, rng, taken, tries(split)),
        lambda cell: list(taken.values()).count(cell),
    )
    return [
        problem(f"{NAME}-{split}-{number:05d}", split, cell, exercise, data.few_shot)
        for number, (cell, exercise) in enumerate(found)
    ]


def new_exercise(cell: Cell, rng: Random, taken: Taken, most: int) -> Exercise | None:
    """An exercise whose question was not taken, and now is; None if `most` draws find none."""
    for _ in range(most):
        exercise = draw(cell, rng)
        # An answer of 0 is left out: it is too often right by accident.
        if exercise.question not in taken and Fraction(exercise.solve(Author(rng))) != 0:
            taken[exercise.question] = cell
            return exercise
    return None


def problem(problem_id: str, split: str, cell: Cell, exercise: Exercise, few_shot: int) -> Problem:
    """The record, with the answer and solution of an author who makes no mistakes."""
    author = Author(Random(0))
    answer = exercise.solve(author)
    return Problem(
        problem_id=problem_id,
        task=NAME,
        split=split,
        subject=cell[0],
        level=cell[1],
        question=exercise.question,
        prompt=prompts.few_shot_prompt(exercise.question, few_shot),
        stop=prompts.STOP,
        gold=json.dumps({"answer": str(Fraction(answer))}),
        human_solution=solutions.terse(author.steps, answer),
    )
