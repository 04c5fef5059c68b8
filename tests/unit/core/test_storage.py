"""Parquet and JSON files between stages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from restem.core import storage
from restem.core.errors import DataError
from restem.core.records import Problem

PROBLEM = Problem(
    problem_id="algebra-1",
    task="math_world",
    split="train",
    subject="algebra",
    level=1,
    question="Solve x+1=3. ½ \\frac{1}{2}",
    prompt="Problem: Solve x+1=3.\nSolution:\n",
    stop=("\n\n", "Problem:"),
    gold='{"answer": "2"}',
    human_solution=None,
)
ROW: storage.Row = {"prompt": "p", "completion": "c", "weight": 1.0, "problem_id": "a",
                    "sample_id": "s"}  # fmt: skip


def test_problems_come_back_as_they_went(tmp_path: Path) -> None:
    problems = [PROBLEM, replace(PROBLEM, problem_id="b", stop=(), human_solution="x=2")]
    storage.write_problems(tmp_path / "p.parquet", problems)
    assert storage.read_problems(tmp_path / "p.parquet") == problems


@pytest.mark.parametrize("table", storage.COLUMNS)
def test_an_empty_table_keeps_its_columns(tmp_path: Path, table: str) -> None:
    storage.write_rows(table, tmp_path / "t.parquet", [])
    assert storage.read_rows(table, tmp_path / "t.parquet") == []


def test_the_same_rows_give_the_same_bytes() -> None:
    assert storage.to_bytes("train", [ROW] * 100) == storage.to_bytes("train", [ROW] * 100)
    assert storage.to_bytes("train", [ROW]) != storage.to_bytes("train", [{**ROW, "weight": 2.0}])


def test_other_libraries_read_the_columns(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    storage.write_rows("train", tmp_path / "t.parquet", [ROW])
    assert pq.read_table(tmp_path / "t.parquet").to_pylist() == [ROW]


@pytest.mark.parametrize("kept", [0, 1, 4, 100, -1])
def test_a_truncated_file_is_named_in_one_line(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(storage.to_bytes("train", [ROW] * 50)[:kept])
    with pytest.raises(DataError) as caught:
        storage.read_rows("train", path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "dvc repro" in str(caught.value)


def test_a_table_with_other_columns_is_refused(tmp_path: Path) -> None:
    storage.write_rows("train", tmp_path / "t.parquet", [ROW])
    with pytest.raises(DataError, match="no complete scored table"):
        storage.read_rows("scored", tmp_path / "t.parquet")


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*none\.parquet.*dvc repro"):
        storage.read_rows("train", tmp_path / "none.parquet")


@pytest.mark.parametrize("row", [{"prompt": "p"}, {**ROW, "extra": 1}])
def test_a_row_with_other_columns_is_our_own_bug(row: storage.Row) -> None:
    with pytest.raises(AssertionError, match="columns must be"):
        storage.to_bytes("train", [row])


def test_json_is_sorted_and_comes_back(tmp_path: Path) -> None:
    storage.write_json(tmp_path / "v.json", {"b": 1, "a": {"ü": [0.5, None]}})
    assert storage.read_json(tmp_path / "v.json") == {"a": {"ü": [0.5, None]}, "b": 1}
    text = (tmp_path / "v.json").read_text()
    assert text.index('"a"') < text.index('"b"')
    assert text.endswith("}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", r"v\.json:1: "), ("[1]", "holds no JSON object"), (None, "cannot read .*dvc repro")],
)
def test_bad_json_is_named_in_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "v.json").write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        storage.read_json(tmp_path / "v.json")
    assert "\n" not in str(caught.value)
