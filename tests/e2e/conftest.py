"""One finished smoke run for the whole session; tests work on copies of it."""

from pathlib import Path

import pytest
from pipeline import Repo, copy, fresh


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repo, str]:
    repo = fresh(tmp_path_factory.mktemp("smoke") / "repo", "preset=smoke")
    output = repo.dvc("repro").output
    repo.commit("result")
    return repo, output


@pytest.fixture
def finished(_finished: tuple[Repo, str], tmp_path: Path) -> Repo:
    """A copy of the finished run that a test may change."""
    return copy(_finished[0], tmp_path / "repo")


@pytest.fixture(scope="module")
def shared(_finished: tuple[Repo, str], tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """A copy that the tests of one file only read."""
    return copy(_finished[0], tmp_path_factory.mktemp("shared") / "repo")
