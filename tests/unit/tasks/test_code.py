"""The splits of the code world: disjoint in whatever words, balanced, stable, and right."""

import json
from collections import Counter
from dataclasses import replace
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
from restem.worlds.programs.chains import Signature, parse
from restem.worlds.programs.world import PROGRAMS
from restem.worlds.world import Corpus

DATA = data(train_problems=500, val_problems=80, test_problems=100, transfer_problems=50)
SPLITS = code.problems(DATA)
EVERY = [problem for split in SPLITS.values() for problem in split]
SMALL = replace(DATA, train_problems=40, val_problems=20, test_problems=20, transfer_problems=20)


def test_sizes_are_those_asked_for() -> None:
    sizes = {split: len(problems) for split, problems in SPLITS.items()}
    assert sizes == {"train": 500, "val": 80, "test": 100, "functions": 50}


def disjoint(splits: dict[str, list[Problem]]) -> set[Signature | None]:
    """Signatures of all splits, which no problem shares with another, or with a shot."""
    every = [problem for split in splits.values() for problem in split]
    signatures = [parse(problem.question) for problem in every]
    assert None not in signatures
    assert len(set(signatures)) == len(signatures)
    assert not prompts.SHOT_SIGNATURES & set(signatures)
    check_disjoint(splits)
    return set(signatures)


def seen_by_the_base(splits: dict[str, list[Problem]], documents: int) -> set[Signature | None]:
    """Signatures in the corpus of a base model for these problems."""
    every = frozenset(problem.question for split in splits.values() for problem in split)
    corpus = Corpus(PROGRAMS, every).documents(Random(0))
    return {
        parse(prompt.split("\n")[0].removeprefix("Problem: "))
        for document in islice(corpus, documents)
        for prompt, _ in document
    }


def test_no_problem_is_shared_in_whatever_words_by_splits_examples_and_corpus() -> None:
    signatures = disjoint(SPLITS)
    seen = seen_by_the_base(SPLITS, 3000)
    assert len(seen) > 4000
    assert not (signatures | prompts.SHOT_SIGNATURES) & seen


@pytest.mark.slow
def test_default_sizes_can_be_had_without_a_leak_and_without_emptying_the_corpus() -> None:
    splits = code.problems(data())
    sizes = {split: len(problems) for split, problems in splits.items()}
    assert sizes == {"train": 2800, "val": 400, "test": 500, "functions": 250}
    signatures, seen = disjoint(splits), seen_by_the_base(splits, 8000)
    assert not (signatures | prompts.SHOT_SIGNATURES) & seen
    levels = Counter(len(found) - 1 for found in seen if found)
    assert levels[0] == 11
    assert levels[1] > 200  # small cells are not kept out as a whole
    cells = Counter((problem.subject, problem.level) for problem in splits["train"])
    assert min(cells, key=lambda cell: cells[cell]) == ("places", 1)
    assert min(cells.values()) > 40
    assert max(cells.values()) < 170


@pytest.mark.parametrize(("split", "each"), [("val", {4}), ("test", {5}), ("functions", {2, 3})])
def test_evaluated_splits_are_balanced_exactly(split: str, each: set[int]) -> None:
    cells = Counter((problem.subject, problem.level) for problem in SPLITS[split])
    assert set(cells.values()) == each
    assert len(cells) == 20


def test_problems_are_a_function_of_the_seed_and_later_ones_change_none() -> None:
    once, more = code.problems(SMALL), code.problems(replace(SMALL, train_problems=50))
    assert {**more, "train": more["train"][:40]} == once
    assert code.problems(replace(SMALL, seed=1))["val"] != once["val"]


def test_sorting_by_id_is_the_order_made() -> None:
    assert SPLITS["train"][42].problem_id == "code-train-00042"
    for problems in SPLITS.values():
        ids = [problem.problem_id for problem in problems]
        assert ids == sorted(ids)


def test_programs_have_tests_as_in_apps() -> None:
    for problem in SPLITS["train"]:
        gold = json.loads(problem.gold)
        tests = gold["tests"]
        assert list(gold) == ["tests"]
        assert list(tests) == ["inputs", "outputs"]
        assert 6 <= len(tests["inputs"]) == len(tests["outputs"]) <= 8
        assert len(set(tests["outputs"])) >= 3
        assert not {"0\n", "[]\n"} & set(tests["outputs"])
        assert all(text.endswith("\n") for text in tests["inputs"] + tests["outputs"])


def test_functions_have_tests_as_in_humaneval() -> None:
    for problem in SPLITS["functions"]:
        tests = json.loads(problem.gold)["tests"]
        assert list(tests) == ["prompt", "entry_point", "test", "canonical_solution"]
        assert problem.prompt.endswith("\nFunction:\n" + tests["prompt"])
        assert tests["test"].count("assert candidate(") >= 6
        compile(tests["prompt"] + tests["canonical_solution"] + "\n" + tests["test"], "x", "exec")
        assert problem.question.rpartition(". ")[2].startswith("Return ")


def test_prompts_show_the_examples_and_end_in_a_newline() -> None:
    for problem in EVERY:
        assert problem.prompt.startswith(f"Problem: {prompts.SHOTS[0][0]}\nProgram:\n")
        assert problem.prompt.count("Problem: ") == 3
        assert problem.prompt.endswith("\n")
        assert problem.stop == ("\n\n", "Problem:")
    bare = code.problems(replace(SMALL, few_shot=0))["train"][0]
    assert bare.prompt == prompts.program_prompt(bare.question)


def test_human_solutions_are_one_line() -> None:
    for problem in EVERY:
        assert problem.human_solution is not None
        assert "\n" not in problem.human_solution
        opening = "    return " if problem.split == "functions" else "a=[int(t) for t in input()"
        assert problem.human_solution.startswith(opening)


def test_no_transfer_problems_leave_an_empty_split() -> None:
    assert code.problems(replace(SMALL, transfer_problems=0))["functions"] == []


def test_more_problems_than_the_world_has_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "CELLS", (("places", 1),))
    with pytest.raises(
        ParamsError, match=r"data\.test_problems = 300 .* all 204 different problems of places"
    ):
        code.problems(replace(SMALL, test_problems=300))


def test_more_examples_than_there_are_is_an_error() -> None:
    with pytest.raises(ParamsError, match="few_shot must be between 0 and 4, got 5"):
        code.problems(replace(SMALL, few_shot=5))


def test_problems_survive_their_table(tmp_path: Path) -> None:
    write_problems(tmp_path / "val.parquet", SPLITS["val"])
    assert read_problems(tmp_path / "val.parquet") == SPLITS["val"]
