"""What stage prepare writes, leaves out and refuses: the whole stage on small files."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from restem.core import layout, params, storage
from restem.core.errors import DataError, ParamsError
from restem.core.params import Params
from restem.core.records import Problem
from restem.method.selfcheck import SelfCheck
from restem.stages import prepare

VALUES = params.load(Path(__file__).parents[3] / "tests/params.yaml")


def mathematics(name: str, count: int, **changes: str) -> list[dict[str, str]]:
    """Rows as MATH has them; no two questions are the same up to digits."""
    letters = [chr(97 + k // 26) + chr(97 + k % 26) for k in range(count)]
    return [{"problem": f"{name} {x}?", "solution": r"So \boxed{2}.", **changes} for x in letters]


def write(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """Task math with 40 training and 10 test problems in `files`."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "files/train.jsonl", mathematics("train", 40))
    write(tmp_path / "files/test.jsonl", mathematics("test", 10))
    data = replace(VALUES.data, path="files", few_shot=2, train_problems=30, val_problems=5,
                   test_problems=10, transfer_problems=7)  # fmt: skip
    return replace(VALUES, task="math", reward="auto", data=data)


def problems(split: str) -> list[Problem]:
    return storage.read_problems(layout.problems(split))


def report() -> dict[str, object]:
    return storage.read_json(layout.PREPARED)


def test_splits_and_report_are_written(values: Params) -> None:
    write(Path("data/problems/old.parquet"), [])
    prepare.run(values, None)
    assert {path.name for path in layout.PROBLEMS.iterdir()} == {
        "prepared.json", "quarantine.jsonl", "test.parquet", "train.parquet", "val.parquet",
    }  # fmt: skip
    nothing = {"count": 0, "share": 0.0, "examples": []}
    overlap = dict.fromkeys(("exact", "digits", "ngram"), nothing)
    assert report() == {
        "task": "math", "version": "1", "reward": "math", "exemplars_removed": [],
        "problems": {"train": 30, "val": 5, "test": 10}, "quarantined": {}, "verifier_faults": 0,
        "overlap": {"val": overlap, "test": overlap},
    }  # fmt: skip
    assert layout.QUARANTINE.read_bytes() == b""
    assert [p.problem_id for p in problems("train")] == sorted(
        p.problem_id for p in problems("train")
    )


def test_the_same_files_give_the_same_bytes(values: Params) -> None:
    def content() -> dict[str, bytes]:
        prepare.run(values, None)
        return {path.name: path.read_bytes() for path in layout.PROBLEMS.iterdir()}

    assert content() == content()


def test_what_the_verifier_refuses_is_left_out_and_listed(values: Params) -> None:
    rows = mathematics("test", 10)
    rows[3] |= {"answer": "3"}  # the solution says 2
    write(Path("files/test.jsonl"), rows)
    prepare.run(values, None)
    assert [json.loads(line) for line in layout.QUARANTINE.read_text().splitlines()] == [{
        "problem_id": "math-test-00003", "split": "test", "outcome": "wrong", "detail": "boxed",
        "gold": '{"answer": "3"}'}]  # fmt: skip
    assert report()["quarantined"] == {"test": {"wrong": 1}}
    assert len(problems("test")) == 9
    rows[4] |= {"answer": "3"}
    write(Path("files/test.jsonl"), rows)
    with pytest.raises(DataError, match=r"2 of 10 problems of test .* first is math-test-00003"):
        prepare.run(values, None)


def test_few_shot_examples_leave_d_and_are_counted(values: Params) -> None:
    rows = mathematics("train", 40)
    write(
        Path("files/few_shot.jsonl"),
        [{**row, "problem": row["problem"].upper()} for row in rows[:2]],
    )
    values.data.train_problems = 35
    prepare.run(values, None)
    assert report()["exemplars_removed"] == ["math-train-00000", "math-train-00001"]
    assert len(problems("train")) + len(problems("val")) == 38


def test_a_few_shot_example_out_of_the_test_set_is_refused(values: Params) -> None:
    write(Path("files/few_shot.jsonl"), mathematics("test", 2))
    with pytest.raises(DataError, match=r"math-test-00000 \(test\) is one of the few-shot example"):
        prepare.run(values, None)


# ---- transfer sets


def stories(count: int) -> list[dict[str, str]]:
    return [{"question": row["problem"], "answer": "#### 2"} for row in mathematics("story", count)]


def test_a_folder_named_after_a_task_is_a_transfer_set(values: Params) -> None:
    write(Path("files/transfer/gsm8k/test.jsonl"), stories(9))
    prepare.run(values, None)
    found = problems("gsm8k")
    assert [p.problem_id for p in found] == [f"gsm8k-test-{k:05d}" for k in range(7)]
    assert {(p.task, p.split) for p in found} == {("gsm8k", "gsm8k")}
    assert report()["problems"] == {"train": 30, "val": 5, "test": 10, "gsm8k": 7}
    values.data.transfer_problems = 0
    prepare.run(values, None)
    assert not layout.problems("gsm8k").exists()


def test_a_transfer_set_has_its_own_few_shot_examples(values: Params) -> None:
    folder = Path("files/transfer/gsm8k")
    write(folder / "test.jsonl", stories(9))
    write(folder / "few_shot.jsonl", [{"question": "Mine?", "answer": "#### 1"}] * 2)
    prepare.run(values, None)
    assert problems("gsm8k")[0].prompt.startswith("Question: Mine?\nAnswer:\n#### 1\n\n")
    write(folder / "few_shot.jsonl", stories(2))
    with pytest.raises(DataError, match=r"gsm8k-test-00000 \(gsm8k\) is one of the few-shot"):
        prepare.run(values, None)


@pytest.mark.parametrize("name", ["gsm8", "math_world"])
def test_a_folder_that_is_no_transfer_set_is_named(values: Params, name: str) -> None:
    Path(f"files/transfer/{name}").mkdir(parents=True)
    with pytest.raises(DataError, match=rf"files/transfer/{name}: no task of that name has a test"):
        prepare.run(values, None)


def test_a_transfer_set_that_the_reward_cannot_judge_is_refused(values: Params) -> None:
    write(Path("files/transfer/mbpp/mbpp.jsonl"), [])
    with pytest.raises(ParamsError, match="reward 'math' cannot judge task 'mbpp'"):
        prepare.run(values, None)


def test_a_reward_that_cannot_judge_the_task_is_refused(values: Params) -> None:
    with pytest.raises(ParamsError, match=r"reward 'code' cannot judge task 'math' .* takes math"):
        prepare.run(replace(values, reward="code"), None)


# ---- contamination


@pytest.mark.parametrize("measure", ["exact", "digits", "ngram"])
def test_an_overlap_above_the_limit_stops_before_anything_is_written(
    values: Params, measure: str
) -> None:
    long = "a problem of so many words that thirteen of them in a row agree number 5"
    shared = {"exact": "Story aa?", "digits": long, "ngram": f"{long} and more"}[measure]
    rows = [{"question": shared, "answer": "#### 2"}, *stories(20)[1:]]
    write(Path("files/transfer/gsm8k/test.jsonl"), rows)
    train = [
        {"problem": q, "solution": r"\boxed{2}"} for q in ("story AA?", long.replace("5", "7"))
    ]
    write(Path("files/val.jsonl"), mathematics("val", 5))
    write(Path("files/train.jsonl"), [*train, *mathematics("train", 28)])
    limits = {"exact": 1.0, "digits": 1.0, "ngram": 1.0}
    values.data.max_overlap = params.Overlap(**limits)
    prepare.run(values, None)
    before = layout.PREPARED.read_bytes()
    table = report()["overlap"]
    assert isinstance(table, dict)
    assert table["gsm8k"][measure]["count"] == 1
    values.data.max_overlap = params.Overlap(**(limits | {measure: 0.1}))
    with pytest.raises(DataError, match=rf"1 problems of gsm8k .* data\.max_overlap\.{measure} al"):
        prepare.run(values, None)
    assert layout.PREPARED.read_bytes() == before


def test_the_embedded_world_is_checked_in_little_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3,950 problems; the limit is several times what it takes."""
    monkeypatch.chdir(tmp_path)
    begun = time.process_time()
    prepare.run(replace(VALUES, task="math_world", reward="auto"), None)
    assert time.process_time() - begun < 60
    assert report()["quarantined"] == {}


# ---- time limits


def test_problems_with_tests_get_time_limits_from_their_solutions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = replace(VALUES.data, few_shot=1, train_problems=4, val_problems=2, test_problems=2,
                   transfer_problems=2)  # fmt: skip
    values = replace(VALUES, task="code", reward="auto", data=data)

    def content() -> dict[str, bytes]:
        prepare.run(values, None)
        return {path.name: path.read_bytes() for path in layout.PROBLEMS.iterdir()}

    assert content() == content()
    for split in ("train", "val", "test", "functions"):
        for problem in problems(split):
            assert json.loads(problem.gold)["tests"]["cpu_s"] == 1


def test_all_solutions_of_a_problem_count_for_its_limit_and_none_is_stored() -> None:
    asked: list[list[str]] = []

    def with_limits(
        problems: Sequence[Problem], solutions: Sequence[Sequence[str]]
    ) -> list[Problem]:
        asked.extend(list(texts) for texts in solutions)
        return [replace(problem, gold=f"{problem.gold} limited") for problem in problems]

    def problem(name: str, human: str | None, *more: str) -> Problem:
        return Problem(name, "t", "train", "s", 1, "?", "?", (), "gold", human, more)

    splits = {
        "train": [problem("a", "fails", "first", "second"), problem("b", None)],
        "test": [problem("a", "other")],
        "empty": [],
    }
    checked = {
        "train": [problem("a", "first"), problem("b", None)],
        "test": [problem("a", "other")],
        "empty": [],
    }
    found = prepare.limited(SelfCheck(checked, [], 3, []), splits, with_limits)
    assert asked == [["fails", "first", "second"], [], ["other"]]
    told = {k: [(p.human_solution, p.gold) for p in ps] for k, ps in found.splits.items()}
    assert told == {
        "train": [("first", "gold limited"), (None, "gold limited")],
        "test": [("other", "gold limited")],
        "empty": [],
    }  # fmt: skip
