r"""The MATH importer: tree and JSON Lines, levels, and what the last \boxed{} holds."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from settings import machine

from restem.core.errors import DataError
from restem.core.params import Data, Params
from restem.core.records import CORRECT, Problem
from restem.method.selfcheck import self_check
from restem.rewards import math as verifier
from restem.tasks import math

FIELDS = {"problem": "What is $1+1$?", "level": "Level 3", "type": "Algebra",
          "solution": r"It is $\boxed{2}$."}  # fmt: skip


def lines(data: Data, name: str, rows: list[dict[str, object]]) -> None:
    text = "".join(json.dumps({"problem": f"{name} {k}?"} | row) + "\n"
                   for k, row in enumerate(rows))  # fmt: skip
    (Path(data.path) / f"{name}.jsonl").write_text(text)


def read(data: Data, row: dict[str, object]) -> Problem:
    """The problem that a test set of one row gives."""
    (Path(data.path) / "test.jsonl").write_text(json.dumps(row) + "\n")
    return math.held_out(data)[0]


@pytest.fixture
def tree(data: Data) -> Data:
    for split, subject, number in (
        *(("train", "algebra", n) for n in (1, 2, 10, 11)), ("train", "geometry", 2),
        ("test", "algebra", 1), ("test", "prealgebra", 7),
    ):  # fmt: skip
        path = Path(data.path) / split / subject / f"{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**FIELDS, "problem": f"{split} {subject} {number}?"}))
    return data


def test_a_problem_holds_what_its_row_says(data: Data) -> None:
    problem = read(data, FIELDS)
    prompt = problem.prompt
    assert prompt.count("Problem:\n") == 3
    assert prompt.endswith("\n\nProblem:\nWhat is $1+1$?\n\nSolution:\n")
    assert problem == Problem(
        "math-test-00000", "math", "test", "Algebra", 3, "What is $1+1$?", prompt,
        ("\n\nProblem:", "Problem:"), '{"answer": "2"}', r"It is $\boxed{2}$.",
    )  # fmt: skip


def test_a_tree_gives_its_splits_and_ids_of_its_places(tree: Data) -> None:
    splits = math.problems(tree)
    assert {split: len(problems) for split, problems in splits.items()} == {
        "train": 3, "val": 2, "test": 2}  # fmt: skip
    found = sorted(p.problem_id for split in ("train", "val") for p in splits[split])
    assert found == [f"math-train-algebra-{n:05d}" for n in (1, 2, 10, 11)] + [
        "math-train-geometry-00002"]  # fmt: skip
    assert [p.problem_id for p in splits["test"]] == [
        "math-test-algebra-00001", "math-test-prealgebra-00007"]  # fmt: skip


def test_a_tree_and_its_rows_with_their_places_are_the_same(tree: Data, tmp_path: Path) -> None:
    rows = tmp_path / "rows"
    rows.mkdir()
    for split in ("train", "test"):
        found = sorted((tmp_path / split).rglob("*.json"), reverse=True)
        named = [{**json.loads(p.read_text()), "unique_id": str(p.relative_to(tmp_path))}
                 for p in found]  # fmt: skip
        text = "".join(json.dumps(row) + "\n" for row in named).encode()
        (rows / f"{split}.jsonl.gz").write_bytes(gzip.compress(text))
    assert math.problems(replace(tree, path=str(rows))) == math.problems(tree)


def test_rows_as_in_math_500_are_read(data: Data) -> None:
    problem = read(data, {
        "problem": "?", "answer": r"\frac{1}{2}", "subject": "Precalculus", "level": 2,
        "unique_id": "test/precalculus/807.json", "solution": r"$\boxed{0.5}$",
    })  # fmt: skip
    assert (problem.problem_id, problem.subject, problem.level) == (
        "math-test-precalculus-00807", "Precalculus", 2)  # fmt: skip
    assert json.loads(problem.gold) == {"answer": r"\frac{1}{2}"}


def test_an_answer_does_without_a_solution(data: Data) -> None:
    problem = read(data, {"problem": "?", "answer": "7"})
    assert (problem.gold, problem.human_solution, problem.level) == ('{"answer": "7"}', None, 0)


def test_a_val_file_is_d_val(data: Data) -> None:
    row: dict[str, object] = {"solution": r"\boxed{1}"}
    for name, count in (("train", 5), ("val", 9), ("test", 3)):
        lines(data, name, [row] * count)
    splits = math.problems(data)
    assert [len(splits[name]) for name in ("train", "val", "test")] == [5, 2, 3]
    assert [p.problem_id for p in splits["val"]] == ["math-val-00000", "math-val-00001"]


@pytest.mark.parametrize(
    ("solution", "gold"),
    [
        (r"$\boxed{\frac{1}{2}}$", r"\frac{1}{2}"),
        (r"$\boxed{1}$ or rather $\boxed{ 2 }$.", "2"),
        (r"$\boxed {3}$", "3"),
        (r"$\fbox{4}$", "4"),
        (r"\fbox{5} but not $\boxed{6}$, \fbox{7}", "6"),
        (r"$\boxed 8$.", "8"),
        (r"$\boxed\frac12$ holds.", r"\frac12"),
        (r"$\boxed{\{1,2\}}$", r"\{1,2\}"),
        (r"$\boxed{\text{a } \}}$", r"\text{a } \}"),
        (r"$\boxed{\left\{x \mid x>{}0\right\}}$ }", r"\left\{x \mid x>{}0\right\}"),
        (r"\boxed{\boxed{9}}", "9"),
        ("$\\boxed{\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}}$",
         "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}"),
    ],
)  # fmt: skip
def test_gold_is_what_the_last_box_holds(data: Data, solution: str, gold: str) -> None:
    problem = read(data, {**FIELDS, "solution": solution})
    assert json.loads(problem.gold) == {"answer": gold}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**FIELDS, "problem": None}, 'needs a text "problem"'),
        ({**FIELDS, "problem": 5}, 'needs a text "problem"'),
        ({**FIELDS, "solution": ["a"]}, 'needs a text "solution"'),
        ({**FIELDS, "solution": "It is 2."}, r"must hold its answer in a closed \boxed{}"),
        ({**FIELDS, "solution": r"$\boxed{2$"}, r"must hold its answer in a closed \boxed{}"),
        ({**FIELDS, "solution": r"$\boxed{}$"}, r"must hold its answer in a closed \boxed{}"),
        ({**FIELDS, "solution": r"It is \boxed"}, r"must hold its answer in a closed \boxed{}"),
        ({**FIELDS, "level": "Level 6"}, '"level" must be'),
        ({**FIELDS, "level": "hard"}, '"level" must be'),
        ({**FIELDS, "type": 1}, 'needs a text "type"'),
    ],
)
def test_a_bad_row_is_named(data: Data, row: dict[str, object], message: str) -> None:
    lines(data, "test", [{"solution": r"\boxed{1}"}])
    with (Path(data.path) / "test.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    with pytest.raises(DataError, match=r"test\.jsonl:2: ") as error:
        math.held_out(data)
    assert message in str(error.value)


def test_a_bad_file_of_a_tree_is_named(tree: Data) -> None:
    path = Path(tree.path) / "train/geometry/2.json"
    path.write_text('{"problem": "?",\n "level" 5}')
    with pytest.raises(DataError, match=r"train/geometry/2\.json:2: no JSON"):
        math.problems(tree)
    path.write_text("[]")
    with pytest.raises(DataError, match=r"train/geometry/2\.json:1: a row must be a JSON object"):
        math.problems(tree)


@pytest.mark.parametrize("level", ["Level ?", "?", None])
def test_an_unknown_level_is_zero(data: Data, level: str | None) -> None:
    assert read(data, {**FIELDS, "level": level}).level == 0


def test_a_missing_file_is_named(data: Data) -> None:
    with pytest.raises(DataError, match=r"train\.jsonl \(or \.jsonl\.gz\) is missing"):
        math.problems(data)
    (Path(data.path) / "train").mkdir()
    with pytest.raises(DataError, match=r"train has no SUBJECT/\*\.json in it"):
        math.problems(data)


def test_boxes_without_end_cost_no_more(data: Data) -> None:
    assert math.last_boxed(r"\boxed{" * 100_000) is None
    assert math.last_boxed(r"\boxed{" * 100_000 + "}" * 100_000) == ""


def test_every_gold_of_the_slice_is_judged_right(
    data: Data, values: Params, public: Callable[[str], Path]
) -> None:
    file = Path(data.path) / "test.jsonl.gz"
    file.symlink_to(public("math/derived.train_350.jsonl.gz"))
    problems = math.held_out(data)
    assert Counter((p.subject, p.level) for p in problems) == {
        (subject, level): 10
        for subject in ("Algebra", "Counting & Probability", "Geometry", "Intermediate Algebra",
                        "Number Theory", "Prealgebra", "Precalculus")
        for level in range(1, 6)
    }  # fmt: skip
    with verifier.open_reward(values.score, machine(1)) as reward:
        golds = reward.score(problems, [verifier.gold_text(p) for p in problems])
        checked = self_check({"test": problems}, reward.score, verifier.gold_text)
    assert Counter(v.outcome for v in golds) == {CORRECT: 350}
    assert checked.quarantined == []
    assert checked.num_judged == 700
