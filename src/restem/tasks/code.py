r"""code: short programs of the embedded world, and functions as the transfer set.

    source      made on the spot by `restem.worlds.programs`, seed `data.seed`; nothing to download
    licence     that of this project
    splits      train, val, test: 4 subjects x 5 levels in turn; functions: likewise, to complete
    answer      a Python program that reads numbers and prints a result; 6 unit tests or more, which
                catch every single mistake that the world's authors make
    human       one-liners: right, but everything is nested into one expression
    stands for  APPS (arXiv 2105.09938) and HumanEval (arXiv 2107.03374) as used in arXiv 2312.06585

The splits share no problem, in whatever words, with each other or with the few-shot examples, and
the base model never sees one of them. The reward runs programs: see `score.sandbox`.
"""

from __future__ import annotations

import json
from random import Random

from restem.core.params import Data
from restem.core.records import Problem
from restem.core.seeds import seed_for
from restem.tasks.cells import EXHAUSTED, in_turn, tries
from restem.worlds.programs import prompts, writing
from restem.worlds.programs.authors import Author
from restem.worlds.programs.cases import Case, draw_cases, function_tests, stdin_tests
from restem.worlds.programs.chains import CELLS, Cell, Chain, Signature, draw, question, signature

VERSION = "1"
REWARDS = ("code",)
NAME = "code"
FUNCTIONS = "functions"  # the transfer set
Taken = dict[Signature | None, Cell]  # every signature in use, and the cell it is from
Drawn = tuple[Cell, Chain, list[Case]]


def problems(data: Data) -> dict[str, list[Problem]]:
    """All splits; the evaluated ones are made first, so `train_problems` does not change them.

    Raises: ParamsError if the world has too few problems, or too few examples for `data.few_shot`.
    """
    taken: Taken = dict.fromkeys(prompts.SHOT_SIGNATURES, ("shot", 0))
    sizes = {
        "test": data.test_problems,
        "val": data.val_problems,
        FUNCTIONS: data.transfer_problems,
        "train": data.train_problems,
    }
    return {split: fill(split, size, data, taken) for split, size in sizes.items()}


def fill(split: str, size: int, data: Data, taken: Taken) -> list[Problem]:
    """`size` problems with new signatures, from each cell in turn. Raises: ParamsError."""
    rng = Random(seed_for(data.seed, NAME, split))
    found = in_turn(
        CELLS,
        size,
        split,
        lambda cell: new_chain(cell, rng, taken, tries(split)),
        lambda cell: list(taken.values()).count(cell),
    )
    return [
        problem(f"{NAME}-{split}-{number:05d}", split, drawn, data.few_shot, rng)
        for number, (_, drawn) in enumerate(found)
    ]


def new_chain(cell: Cell, rng: Random, taken: Taken, most: int) -> Drawn | None:
    """A chain whose signature was not taken, and now is; None after `most` draws of taken ones."""
    known = 0
    for _ in range(EXHAUSTED):
        chain = draw(cell, rng)
        if signature(chain) in taken:
            known += 1
            if known == most:
                break
        elif cases := draw_cases(chain, rng):
            taken[signature(chain)] = cell
            return cell, chain, cases
    return None


def problem(problem_id: str, split: str, drawn: Drawn, few_shot: int, rng: Random) -> Problem:
    """The record, with tests and a human solution."""
    (subject, level), chain, cases = drawn
    if split == FUNCTIONS:
        asked = question(chain, "Return", rng)
        prompt = prompts.function_prompt(asked)
        canonical = writing.function(Author(Random(0)), chain)
        tests = function_tests(cases, prompts.HEADER, canonical)
        human = writing.one_line_function(chain)
    else:
        asked = question(chain, "Print", rng)
        prompt = prompts.program_prompt(asked)
        tests = stdin_tests(cases)
        human = writing.one_liner(chain)
    return Problem(
        problem_id=problem_id,
        task=NAME,
        split=split,
        subject=subject,
        level=level,
        question=asked,
        prompt=prompts.few_shot_prompt(prompt, few_shot),
        stop=prompts.STOP,
        gold=json.dumps({"tests": tests}),
        human_solution=human,
    )
