"""Judging scored iterations again: flips, the training rows they touch, and the ledger."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from restem.commands import regrade
from restem.core import layout, storage
from restem.core.errors import DataError, ParamsError
from restem.core.records import Problem
from restem.core.storage import Row

REPO = Path(__file__).parents[3]


def scored(number: int, answer: str, outcome: str, finish: str = "stop") -> Row:
    """A sample of problem p{number % 2}, whose gold is 5; the outcome may be another grader's."""
    return {
        "problem_id": f"p{number % 2}", "sample_index": number, "text": f"\\boxed{{{answer}}}",
        "num_tokens": 3, "finish_reason": finish, "logprob": None, "sample_id": f"s{number}",
        "answer": answer, "reward": float(outcome == "correct"), "outcome": outcome,
        "detail": "old", "grader": "old-1",
    }  # fmt: skip


ROWS = [
    scored(0, "5", "correct"),
    scored(1, "6", "correct"),  # kept, and wrong
    scored(2, "7", "correct"),  # kept, and wrong
    scored(3, "5.0", "wrong"),
    scored(4, "5", "truncated", "length"),
    scored(5, "8", "wrong"),
    scored(6, "\x1b[2J8", "no_answer"),
]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Iteration 1 scored by an old grader, 2 idle; the working directory."""
    (tmp_path / "params.yaml").write_bytes((REPO / "tests/params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    problems = [
        Problem(f"p{i}", "t", "train", "s", 1, "?", "?", (), '{"answer": "5"}', None)
        for i in range(2)
    ]
    storage.write_problems(layout.problems("train"), problems)
    storage.write_rows("scored", layout.scored("1"), ROWS)
    keep(ROWS[:3])
    layout.scored("2").parent.mkdir(parents=True)
    layout.scored("2").write_bytes(b"idle\n")
    return tmp_path


def keep(rows: list[Row]) -> None:
    kept = [{"prompt": "?", "completion": row["text"], "weight": 1.0,
             "problem_id": row["problem_id"], "sample_id": row["sample_id"]}
            for row in rows]  # fmt: skip
    storage.write_rows("train", layout.train_rows("1"), kept)


def told(
    *iterations: str, diff: bool = False, limit: int = 20, ledger: Path | None = None
) -> list[str]:
    return list(regrade.run(argparse.Namespace(
        iterations=list(iterations), diff=diff, limit=limit, ledger=ledger)))  # fmt: skip


def test_flips_are_counted_by_outcome() -> None:
    lines = told()
    assert lines[0].startswith("iteration 1: old-1 -> math-")
    assert lines[1] == "  7 samples, 4 verdicts flip"
    assert [line.split() for line in lines[2:5]] == [
        ["correct", "->", "wrong", "2"],
        ["wrong", "->", "correct", "1"],
        ["no_answer", "->", "wrong", "1"],
    ]
    assert lines[5] == "  2 of 3 kept training rows lose their reward; 1 samples gain one"


def test_each_flip_is_shown_up_to_the_limit_and_cannot_steer_the_terminal() -> None:
    lines = told("1", diff=True)[6:]
    assert [line.split(":")[0] for line in lines] == [
        "  p1 sample 1", "  p0 sample 2", "  p1 sample 3", "  p0 sample 6",
    ]  # fmt: skip
    assert 'correct -> wrong; answer 6 -> 6, gold {"answer": "5"}; old -> boxed' in lines[0]
    assert "\x1b" not in "".join(lines)
    assert told("1", diff=True, limit=1)[-1] == "  and 3 more (--limit 0 for all)"
    assert len(told("1", diff=True, limit=0)) == 10


def test_the_ledger_has_every_verdict_with_its_time() -> None:
    assert told("1", ledger=Path("l.jsonl"))[-1] == "7 verdicts -> l.jsonl"
    lines = [json.loads(line) for line in Path("l.jsonl").read_text().splitlines()]
    assert [line["sample_index"] for line in lines] == list(range(7))
    assert all(line.pop("ms") > 0 for line in lines)
    assert lines[3] == {"iteration": 1, "problem_id": "p1", "sample_index": 3, "answer": "5.0",
                        "normal": "5.0", "outcome": "correct", "detail": "boxed",
                        "grader": lines[0]["grader"]}  # fmt: skip
    assert lines[4]["outcome"] == "truncated"


def test_nothing_in_the_pipeline_changes(workspace: Path) -> None:
    before = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}
    told("1", diff=True)
    assert before == {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}


def test_an_iteration_that_is_not_filtered_yet_has_no_kept_rows() -> None:
    layout.train_rows("1").unlink()
    assert "  0 of 0 kept training rows lose their reward; 1 samples gain one" in told("1")


def test_a_row_kept_although_it_was_wrong_loses_nothing() -> None:
    keep([*ROWS[:3], ROWS[5], ROWS[6]])  # as weight exp does
    assert "  2 of 5 kept training rows lose their reward; 1 samples gain one" in told("1")


@pytest.mark.parametrize("name", ["0", "6", "human", "x"])
def test_an_unknown_iteration_is_refused(name: str) -> None:
    with pytest.raises(ParamsError, match="iterations are 1, 2, 3, 4, 5"):
        told(name)


def test_idle_and_missing_iterations_are_told_apart() -> None:
    with pytest.raises(DataError, match="idle"):
        told("2")
    with pytest.raises(DataError, match="cannot read"):
        told("3")
    layout.scored("1").unlink()
    with pytest.raises(DataError, match="no iteration is scored"):
        told()


def test_rows_of_other_problems_are_refused() -> None:
    storage.write_rows("scored", layout.scored("1"), [{**ROWS[0], "problem_id": "q"}])
    with pytest.raises(DataError, match=r"1 problems are not in .* the first is q"):
        told("1")
