"""Reading tables like a person."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pytest

from restem.commands import peek
from restem.core import layout, storage
from restem.core.errors import DataError, ParamsError
from restem.core.records import Problem

OUTCOMES = ("correct", "wrong", "no_answer")


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four problems with three scored samples each; the working directory."""
    monkeypatch.chdir(tmp_path)
    problems = [problem(number) for number in range(4)]
    storage.write_problems(layout.problems("train"), problems)
    rows = [
        scored(p.problem_id, k, outcome) for p in problems for k, outcome in enumerate(OUTCOMES)
    ]
    storage.write_rows("scored", layout.scored("1"), rows)
    return tmp_path


def problem(number: int) -> Problem:
    return Problem(f"alg-{number}", "t", "train", "algebra", 2, f"Solve x+{number}=7.",
                   f"shot\n\nSolve x+{number}=7.\n", (), '{"answer": "7"}', "x=7")  # fmt: skip


def scored(problem_id: str, index: int, outcome: str) -> storage.Row:
    return {"problem_id": problem_id, "sample_index": index, "text": f"first\nsecond {outcome}",
            "num_tokens": 9, "finish_reason": "stop", "logprob": -1.25, "sample_id": "s",
            "answer": None if outcome == "no_answer" else "7",
            "reward": float(outcome == "correct"), "outcome": outcome,
            "detail": "same number", "grader": "math-1"}  # fmt: skip


def shown(*words: str) -> list[str]:
    parser = argparse.ArgumentParser()
    peek.add_arguments(parser)
    return list(peek.run(parser.parse_args(words)))


def test_the_header_counts_rows_and_outcomes() -> None:
    assert shown("1")[:2] == [
        "data/iterations/1/scored.parquet: 12 rows (scored) of 4 problems; "
        "correct 33.3%, wrong 33.3%, no_answer 33.3%",
        "5 of 12 matching rows (--limit 0 for all, --seed for others)",
    ]


def test_a_card_shows_problem_solution_verdict_and_reason() -> None:
    card = shown("1", "--problem", "alg-3", "--outcome", "wrong")[3:]
    assert card[0].startswith("── alg-3 · sample 1 · algebra level 2 · wrong ──")
    assert [line.split(maxsplit=1) for line in card[1:]] == [
        ["problem", "Solve x+3=7."],
        ["solution", "first"],
        ["second", "wrong"],
        ["answer", "7"],
        ["gold", '{"answer": "7"}'],
        ["why", "same number"],
        ["besides", "num_tokens 9, finish_reason stop, logprob -1.25"],
    ]


def test_no_answer_and_the_whole_prompt_are_shown() -> None:
    card = shown("1", "--problem", "alg-3", "--outcome", "no_answer", "--prompt")
    assert "  answer    (none)" in card
    assert "  prompt    shot" in card


def test_the_draw_depends_on_the_seed_alone() -> None:
    assert shown("1", "--limit", "3") == shown("1", "--limit", "3")
    assert shown("1", "--limit", "3") != shown("1", "--limit", "3", "--seed", "1")
    assert sum(line.startswith("──") for line in shown("1", "--limit", "0")) == 12


def test_json_has_the_row_and_its_problem() -> None:
    (line,) = shown("1", "--json", "--problem", "alg-2", "--outcome", "correct")
    row = json.loads(line)
    assert (row["question"], row["outcome"], row["sample_index"]) == ("Solve x+2=7.", "correct", 0)


def test_what_a_model_writes_cannot_steer_the_terminal() -> None:
    attack = "a\x1b[2Jb\x00\x07\r\x7f\x9b31mc\td\x0be\x85f\ng"
    row = {**scored("alg-1\x1b]0;x\x07", 0, "wrong"), "text": attack}
    storage.write_rows("scored", layout.scored("1"), [row])
    card = shown("1")
    assert not [line for line in card if re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]", line)]
    assert "  solution  a\ufffd[2Jb\ufffd\ufffd\ufffd\ufffd\ufffd31mc\td\ufffde\ufffdf" in card
    assert card[3].startswith("── alg-1\ufffd]0;x\ufffd · sample 0")
    (line,) = shown("1", "--json")
    assert line.isprintable()
    assert json.loads(line)["text"] == attack


def test_problems_that_are_not_there_cost_only_their_lines() -> None:
    layout.problems("train").unlink()
    card = shown("1", "--limit", "1")
    assert any("solution" in line for line in card)
    assert not any("problem   " in line for line in card)


@pytest.mark.parametrize("table", ["train", "problems", "samples", "eval"])
def test_every_table_of_the_pipeline_can_be_read(table: str) -> None:
    kinds = {"string": "x", "int32": 1, "float64": 0.5, "list": ["x"]}
    row: storage.Row = {name: kinds[kind] for name, kind in storage.COLUMNS[table].items()}
    storage.write_rows(table, Path("t.parquet"), [row])
    lines = shown("t.parquet")
    assert lines[0].startswith(f"t.parquet: 1 rows ({table}) of 1 problems")
    assert lines[3].startswith("── x ·" if table != "train" else "── x ─")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["2"], "cannot read data/iterations/2/scored.parquet"),
        (["idle.parquet"], "this iteration is idle"),
        (["text.parquet"], "text.parquet is no complete Parquet file"),
        (["cut.parquet"], "cut.parquet is no complete Parquet file"),
        (["foreign.parquet"], "is none of problems, samples, scored, train, eval"),
    ],
)
def test_a_bad_file_is_named_in_one_line(words: list[str], message: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    Path("idle.parquet").write_text("idle\n")
    Path("text.parquet").write_text("no Parquet at all")
    Path("cut.parquet").write_bytes(layout.scored("1").read_bytes()[:200])
    pq.write_table(pa.table({"a": [1]}), "foreign.parquet")
    Path("dvc.yaml").touch()
    with pytest.raises(DataError, match=message) as caught:
        shown(*words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["1", "--problem", "zzz"], "matches zzz. Problems are named like alg-0"),
        (["1", "--outcome", "timeout"], "matches timeout"),
        (["data/problems/train.parquet", "--outcome", "wrong"], "has no verdicts"),
    ],
)
def test_a_filter_that_finds_nothing_says_so(words: list[str], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        shown(*words)
