"""The code world before its judge: right programs pass in the sandbox, every mistake fails."""

import json
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
import settings

from restem.core.protocols import Reward
from restem.core.records import CORRECT, RUNTIME_ERROR, WRONG, Problem
from restem.rewards.code import open_reward
from restem.tasks import code
from restem.worlds.programs import writing
from restem.worlds.programs.authors import Author, some_author
from restem.worlds.programs.cases import mistakes
from restem.worlds.programs.chains import Chain, Step, parse
from restem.worlds.programs.operations import OPERATIONS

pytestmark = pytest.mark.slow  # thousands of documents or programs

FEW = settings.data(train_problems=20, val_problems=1, test_problems=1, transfer_problems=20)
SPLITS = code.problems(FEW)  # one problem of each cell


@pytest.fixture(scope="module")
def reward() -> Iterator[Reward]:
    with open_reward(settings.score(), settings.machine()) as reward:
        yield reward


def chain_of(problem: Problem) -> Chain:
    told = parse(problem.question)
    assert told is not None
    return tuple(Step(OPERATIONS[name], k, OPERATIONS[name].right) for name, k in told)


@pytest.mark.parametrize("split", ["train", "functions"])
def test_right_programs_in_every_style_pass(reward: Reward, split: str) -> None:
    write = writing.function if split == "functions" else writing.program
    for author in (
        Author(Random(0)),
        Author(Random(0), lambdas=1.0),
        Author(Random(0), terse=True),
    ):
        texts = [write(author, chain_of(problem)) for problem in SPLITS[split]]
        verdicts = reward.score(SPLITS[split], texts)
        assert {verdict.outcome for verdict in verdicts} == {CORRECT}


@pytest.mark.parametrize("split", ["train", "functions"])
def test_human_and_canonical_solutions_pass(reward: Reward, split: str) -> None:
    texts = [str(problem.human_solution) for problem in SPLITS[split]]
    canonical = [json.loads(p.gold)["tests"]["canonical_solution"] for p in SPLITS["functions"]]
    verdicts = reward.score(SPLITS[split], texts) + reward.score(SPLITS["functions"], canonical)
    assert {verdict.outcome for verdict in verdicts} == {CORRECT}


def test_every_mistake_fails(reward: Reward) -> None:
    """Mistakes that must be caught, as programs; a swap may be right after all."""
    careful = Author(Random(0))
    asked: list[Problem] = []
    texts: list[str] = []
    for problem in SPLITS["train"]:
        chain = chain_of(problem)
        for mistake in mistakes(chain):
            if not mistake.may_pass:
                steps = (*chain[: max(mistake.start, 0)], *mistake.steps)
                head = writing.READ_UNPARSED if mistake.start < 0 else writing.READ
                text = writing.program(careful, steps).replace(writing.READ, head)
                asked.append(problem)
                texts.append(text)
    outcomes = [verdict.outcome for verdict in reward.score(asked, texts)]
    assert len(outcomes) > 200
    assert set(outcomes) == {WRONG, RUNTIME_ERROR}


def test_authors_are_judged_by_what_they_do(reward: Reward) -> None:
    """Who takes every step right passes; who does not fails, but for steps that commute."""
    rng = Random(5)
    wrong_and_passed = 0
    for problem in SPLITS["train"]:
        author = replace(some_author(rng), terse=False)
        solved = author.solve(chain_of(problem))
        text = writing.program(Author(rng, lambdas=author.lambdas), solved)
        (verdict,) = reward.score([problem], [text])
        if solved == chain_of(problem):
            assert verdict.outcome == CORRECT
        wrong_and_passed += solved != chain_of(problem) and verdict.outcome == CORRECT
    assert wrong_and_passed <= 1


def test_programs_that_are_none_are_compile_errors(reward: Reward) -> None:
    (verdict,) = reward.score(SPLITS["train"][:1], ["a=list(map(int,input().split()))\na=[x for"])
    assert verdict.outcome == "compile_error"
