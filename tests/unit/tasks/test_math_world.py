"""The splits: disjoint, balanced, stable, and right."""

import json
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from settings import data

from restem.core.errors import ParamsError
from restem.core.records import Problem
from restem.core.storage import read_problems, write_problems
from restem.tasks import math_world
from restem.worlds.arithmetic import corpus, prompts

DATA = data()


@cache
def splits() -> dict[str, list[Problem]]:
    return math_world.problems(DATA)


def every() -> list[Problem]:
    return [problem for split in splits().values() for problem in split]


def test_sizes_are_those_asked_for() -> None:
    sizes = {split: len(problems) for split, problems in splits().items()}
    assert sizes == {"train": 2800, "val": 400, "test": 500, "stories": 250}


def test_no_question_occurs_twice_or_is_a_few_shot_example() -> None:
    questions = [problem.question for problem in every()]
    assert len(set(questions)) == len(questions)
    assert not prompts.SHOT_QUESTIONS & set(questions)


def test_corpus_shares_no_question_with_any_split_or_example() -> None:
    banned = corpus.banned_questions(every())
    assert banned == {problem.question for problem in every()} | prompts.SHOT_QUESTIONS
    asked = {prompts.prompt(question) for question in banned}
    documents = islice(corpus.documents(Random(0), banned), 6000)
    seen = [prompt for document in documents for prompt, _ in document]
    assert len(seen) > 10000
    assert not asked & set(seen)


def test_corpus_still_shows_every_cell() -> None:
    """Small cells are not kept out as a whole: the base model has seen their like."""
    banned = corpus.banned_questions(every())
    seen = [
        prompt
        for document in islice(corpus.documents(Random(0), banned), 6000)
        for prompt, _ in document
    ]
    assert sum(prompt.startswith("Problem: Solve") and "x=" not in prompt and "(x+" in prompt
               and ")=" in prompt for prompt in seen) > 20  # fmt: skip  # algebra, level 3


@pytest.mark.parametrize(("split", "each"), [("val", 16), ("test", 20), ("stories", 50)])
def test_evaluated_splits_are_balanced_exactly(split: str, each: int) -> None:
    cells = Counter((problem.subject, problem.level) for problem in splits()[split])
    assert set(cells.values()) == {each}
    assert len(cells) == (5 if split == "stories" else 25)


def test_training_problems_are_balanced_up_to_the_smallest_cells() -> None:
    cells = Counter((problem.subject, problem.level) for problem in splits()["train"])
    assert len(cells) == 25
    assert min(cells, key=lambda cell: cells[cell]) == ("algebra", 3)
    assert min(cells.values()) > 30
    assert max(cells.values()) < 160


def test_more_training_problems_leave_the_other_splits_as_they_are() -> None:
    fewer = math_world.problems(replace(DATA, train_problems=300))
    assert {**fewer, "train": splits()["train"]} == splits()
    assert fewer["train"] == splits()["train"][:300]


def test_problems_are_a_function_of_the_seed() -> None:
    assert math_world.problems(DATA) == splits()
    assert math_world.problems(replace(DATA, seed=1))["val"] != splits()["val"]


def test_sorting_by_id_is_the_order_made() -> None:
    assert splits()["train"][42].problem_id == "math_world-train-00042"
    for problems in splits().values():
        ids = [problem.problem_id for problem in problems]
        assert ids == sorted(ids)


def boxed(problem: Problem) -> Fraction:
    assert problem.human_solution is not None
    head, answer = problem.human_solution.removesuffix("}").rsplit("\\boxed{", 1)
    assert head.startswith(("thus ", "Clearly one finds "))
    return Fraction(answer)


def test_human_solutions_end_in_the_right_boxed_answer() -> None:
    for problem in every():
        gold = json.loads(problem.gold)
        assert list(gold) == ["answer"]
        assert boxed(problem) == Fraction(gold["answer"]) != 0
        assert str(Fraction(gold["answer"])) == gold["answer"]


def test_prompts_show_the_examples_and_end_in_a_newline() -> None:
    for problem in every():
        assert problem.prompt == prompts.few_shot_prompt(problem.question, 2)
        assert problem.prompt.endswith("\n")
        assert problem.stop == ("\n\n", "Problem:")
    bare = math_world.problems(replace(DATA, few_shot=0, train_problems=5))
    assert bare["train"][0].prompt == prompts.prompt(bare["train"][0].question)


def test_no_transfer_problems_leave_an_empty_split() -> None:
    assert (
        math_world.problems(replace(DATA, transfer_problems=0, train_problems=5))["stories"] == []
    )


@pytest.mark.parametrize(
    ("field", "name"), [("test_problems", "test"), ("train_problems", "train")]
)
def test_more_problems_than_the_world_has_is_an_error(field: str, name: str) -> None:
    values: dict[str, Any] = {"test_problems": 1, "val_problems": 1, "train_problems": 1}
    with pytest.raises(
        ParamsError, match=rf"data\.{name}_problems = 60000 .* all 1\d\d different problems"
    ):
        math_world.problems(replace(DATA, **{**values, field: 60_000}))


def test_more_examples_than_there_are_is_an_error() -> None:
    with pytest.raises(ParamsError, match="few_shot must be between 0 and 4, got 5"):
        math_world.problems(replace(DATA, few_shot=5))


def test_problems_survive_their_table(tmp_path: Path) -> None:
    write_problems(tmp_path / "val.parquet", splits()["val"])
    assert read_problems(tmp_path / "val.parquet") == splits()["val"]
