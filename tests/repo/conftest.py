"""What several tests of the repository need."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def repo() -> Path:
    return REPO


@pytest.fixture(scope="session")
def imports_of() -> Callable[[Path, Path], set[Path]]:
    """imports_of(file, src): the files of `src` that a file imports, anywhere in it.

    Imports under TYPE_CHECKING do not run and do not count.
    """
    return _imports_of


def _imports_of(file: Path, src: Path) -> set[Path]:
    found: set[Path] = set()
    for node in _running(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [str(node.module)]
        else:
            continue
        found |= {path for name in names for path in _files(name, src)}
    return found


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)):
            yield node
            yield from _running(node)


def _files(name: str, src: Path) -> list[Path]:
    """A module's file, none for a name that is no module of `src`."""
    base = src.joinpath(*name.split("."))
    return [path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()]
