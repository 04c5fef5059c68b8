"""The splits of the code world: disjoint in whatever words, balanced, stable, and right."""

import json
from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from settings import data

from restem.core.errors import ParamsError
from restem.core.records import Problem
from restem.core.storage import read_problems, write_problems
from restem.method.decontamination import check_disjoint
from restem.tasks import code
from restem.worlds.programs import prompts
from restem.worlds.programs.chains import parse
from restem.worlds.programs.world import PROGRAMS
from restem.worlds.world import Corpus

DATA = data()
SMALL = replace(DATA, train_problems=80, val_problems=20, test_problems=40, transfer_problems=20)


@cache
def splits() -> dict[str, list[Problem]]:
    """Ten seconds of work, so that tests of it are slow."""
    return code.problems(DATA)


def every() -> list[Problem]:
    return [problem for split in splits().values() for problem in split]


@pytest.mark.slow
def test_sizes_are_those_asked_for() -> None:
    sizes = {split: len(problems) for split, problems in splits().items()}
    assert sizes == {"train": 2800, "val": 400, "test": 500, "functions": 250}


@pytest.mark.slow
def test_no_problem_occurs_twice_in_whatever_words_or_is_a_few_shot_example() -> None:
    signatures = [parse(problem.question) for problem in every()]
    assert None not in signatures
    assert len(set(signatures)) == len(signatures)
    assert not prompts.SHOT_SIGNATURES & set(signatures)
    check_disjoint(splits())


@pytest.mark.slow
def test_corpus_shares_no_problem_with_any_split_or_example() -> None:
    corpus = Corpus(PROGRAMS, frozenset(problem.question for problem in every()))
    signatures = {parse(problem.question) for problem in every()} | prompts.SHOT_SIGNATURES
    seen = {
        parse(prompt.split("\n")[0].removeprefix("Problem: "))
        for document in islice(corpus.documents(Random(0)), 6000)
        for prompt, _ in document
    }
    assert len(seen) > 8000
    assert not signatures & seen
    levels = Counter(len(found) - 1 for found in seen if found)
    assert levels[0] == 11
    assert levels[1] > 200  # small cells are not kept out as a whole


@pytest.mark.slow
@pytest.mark.parametrize(
    ("split", "each"), [("val", {20}), ("test", {25}), ("functions", {12, 13})]
)
def test_evaluated_splits_are_balanced_exactly(split: str, each: set[int]) -> None:
    cells = Counter((problem.subject, problem.level) for problem in splits()[split])
    assert set(cells.values()) == each
    assert len(cells) == 20


@pytest.mark.slow
def test_training_problems_are_balanced_up_to_the_smallest_cells() -> None:
    cells = Counter((problem.subject, problem.level) for problem in splits()["train"])
    assert len(cells) == 20
    assert min(cells, key=lambda cell: cells[cell]) == ("places", 1)
    assert min(cells.values()) > 40
    assert max(cells.values()) < 170


def test_problems_are_a_function_of_the_seed_and_later_ones_change_none() -> None:
    once, more = code.problems(SMALL), code.problems(replace(SMALL, train_problems=100))
    assert {**more, "train": more["train"][:80]} == once
    assert code.problems(replace(SMALL, seed=1))["val"] != once["val"]


@pytest.mark.slow
def test_sorting_by_id_is_the_order_made() -> None:
    assert splits()["train"][42].problem_id == "code-train-00042"
    for problems in splits().values():
        ids = [problem.problem_id for problem in problems]
        assert ids == sorted(ids)


@pytest.mark.slow
def test_programs_have_tests_as_in_apps() -> None:
    for problem in splits()["train"]:
        gold = json.loads(problem.gold)
        tests = gold["tests"]
        assert list(gold) == ["tests"]
        assert list(tests) == ["inputs", "outputs"]
        assert 6 <= len(tests["inputs"]) == len(tests["outputs"]) <= 8
        assert len(set(tests["outputs"])) >= 3
        assert not {"0\n", "[]\n"} & set(tests["outputs"])
        assert all(text.endswith("\n") for text in tests["inputs"] + tests["outputs"])


@pytest.mark.slow
def test_functions_have_tests_as_in_humaneval() -> None:
    for problem in splits()["functions"]:
        tests = json.loads(problem.gold)["tests"]
        assert list(tests) == ["prompt", "entry_point", "test", "canonical_solution"]
        assert problem.prompt.endswith("\nFunction:\n" + tests["prompt"])
        assert tests["test"].count("assert candidate(") >= 6
        compile(tests["prompt"] + tests["canonical_solution"] + "\n" + tests["test"], "x", "exec")
        assert problem.question.rpartition(". ")[2].startswith("Return ")


@pytest.mark.slow
def test_prompts_show_the_examples_and_end_in_a_newline() -> None:
    for problem in every():
        assert problem.prompt.startswith(f"Problem: {prompts.SHOTS[0][0]}\nProgram:\n")
        assert problem.prompt.count("Problem: ") == 3
        assert problem.prompt.endswith("\n")
        assert problem.stop == ("\n\n", "Problem:")
    bare = code.problems(replace(SMALL, few_shot=0))["train"][0]
    assert bare.prompt == prompts.program_prompt(bare.question)


@pytest.mark.slow
def test_human_solutions_are_one_line() -> None:
    for problem in every():
        assert problem.human_solution is not None
        assert "\n" not in problem.human_solution
        opening = "    return " if problem.split == "functions" else "a=[int(t) for t in input()"
        assert problem.human_solution.startswith(opening)


def test_no_transfer_problems_leave_an_empty_split() -> None:
    assert code.problems(replace(SMALL, transfer_problems=0))["functions"] == []


def test_more_problems_than_the_world_has_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "CELLS", (("places", 1),))
    with pytest.raises(
        ParamsError, match=r"data\.test_problems = 900 .* all 204 different problems of places"
    ):
        code.problems(replace(SMALL, test_problems=900))


def test_more_examples_than_there_are_is_an_error() -> None:
    with pytest.raises(ParamsError, match="few_shot must be between 0 and 4, got 5"):
        code.problems(replace(SMALL, few_shot=5))


@pytest.mark.slow
def test_problems_survive_their_table(tmp_path: Path) -> None:
    write_problems(tmp_path / "val.parquet", splits()["val"])
    assert read_problems(tmp_path / "val.parquet") == splits()["val"]
