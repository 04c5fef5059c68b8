"""Small files, small functions, nothing left to do in a comment."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

FILE_LINES, FUNCTION_LINES = 500, 60
UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]))


def python_files(repo: Path) -> list[Path]:
    folders = ("src", "tests", "benchmarks", "examples")
    return sorted(file for folder in folders for file in (repo / folder).rglob("*.py"))


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Name and number of lines of each function, decorators not counted."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_no_file_is_too_long(repo: Path) -> None:
    lengths = {file: file.read_text().count("\n") for file in python_files(repo)}
    assert {str(f.relative_to(repo)): n for f, n in lengths.items() if n > FILE_LINES} == {}


def test_no_function_is_too_long(repo: Path) -> None:
    found = {
        f"{file.relative_to(repo)}:{name}": lines
        for file in python_files(repo)
        for name, lines in functions(file)
        if lines > FUNCTION_LINES
    }
    assert found == {}


def test_nothing_is_left_unfinished_in_a_comment(repo: Path) -> None:
    found = [
        f"{file.relative_to(repo)}:{number}"
        for file in python_files(repo)
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(("lines", "counted"), [(1, 2), (70, 71)])
def test_a_long_function_is_seen(tmp_path: Path, lines: int, counted: int) -> None:
    file = tmp_path / "a.py"
    file.write_text("def f():\n" + "    pass\n" * lines)
    assert list(functions(file)) == [("f", counted)]
