"""The digest stage: own data, a line per entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from restem.stages.code import folder_lines


@pytest.fixture
def own(tmp_path: Path) -> Path:
    files = {"train.jsonl": "{}", "world.py": '"""About."""\nx = 1\n', "transfer/svamp/a.json": "1",
             "transfer/svamp/b.json": "2", "__pycache__/world.pyc": "",
             "half.partial": ""}  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_folder_in_own_data_is_one_line_and_what_dvc_ignores_none(own: Path) -> None:
    assert list(folder_lines(own)) == ["train.jsonl", "transfer", "world.py"]
    assert folder_lines(own / "missing") == {}


@pytest.mark.parametrize(
    ("file", "text", "changed"),
    [
        ("train.jsonl", "{ }", {"train.jsonl"}),
        ("transfer/svamp/a.json", "3", {"transfer"}),
        ("transfer/svamp/new.json", "1", {"transfer"}),
        ("world.py", '"""Told."""\nx = 1\n', {"world.py"}),
        ("__pycache__/world.pyc", "other", set()),
    ],
)
def test_what_a_file_says_counts(own: Path, file: str, text: str, changed: set[str]) -> None:
    before = folder_lines(own)
    (own / file).write_text(text)
    after = folder_lines(own)
    assert {entry for entry in after if after[entry] != before.get(entry)} == changed


def test_a_file_that_moves_in_its_folder_counts(own: Path) -> None:
    before = folder_lines(own)
    (own / "transfer/svamp/a.json").rename(own / "transfer/svamp/c.json")
    assert folder_lines(own)["transfer"] != before["transfer"]


def test_of_the_embedded_worlds_only_the_code_counts(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restem.stages.code.SOURCE", own)
    before = folder_lines(own)
    (own / "world.py").write_text("# A comment.\nx = 1\n")
    assert folder_lines(own) == before
    (own / "world.py").write_text("x = 2\n")
    assert folder_lines(own)["world.py"] != before["world.py"]


def test_own_data_may_be_a_file(own: Path) -> None:
    (before,) = folder_lines(own / "train.jsonl").items()
    (own / "train.jsonl").write_text("{ }")
    (after,) = folder_lines(own / "train.jsonl").items()
    assert before[0] == after[0] == "train.jsonl"
    assert before != after
