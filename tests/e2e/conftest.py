"""Finished runs that every test process shares; tests work on copies of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from pipeline import OUTPUTS, Ran, Repo, copy, fresh

Once = Callable[[str, Callable[[Path], dict[str, str]]], tuple[Repo, dict[str, str]]]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Build a repository once for all processes of this test run.

    `once(name, build)` gives `build` a folder and returns the repository there and what it said.
    """
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def built(name: str, build: Callable[[Path], dict[str, str]]) -> tuple[Repo, dict[str, str]]:
        said = root / f"{name}.json"
        with FileLock(root / f"{name}.lock"):
            if not said.exists():
                said.write_text(json.dumps(build(root / name / "repo")))
        return Repo(root / name / "repo"), json.loads(said.read_text())

    return built


@pytest.fixture(scope="session")
def smoke(once: Once) -> Repo:
    """A finished smoke run, to be copied."""

    def build(path: Path) -> dict[str, str]:
        repo = fresh(path, "preset=smoke")
        output = repo.dvc("repro").output
        repo.commit("result")
        return {"repro": output}

    return once("smoke", build)[0]


@pytest.fixture
def finished(smoke: Repo, tmp_path: Path) -> Repo:
    """A copy of the finished run that a test may change."""
    return copy(smoke, tmp_path / "repo")


@pytest.fixture(scope="module")
def shared(smoke: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """A copy that the tests of one file only read."""
    return copy(smoke, tmp_path_factory.mktemp("shared") / "repo")


@pytest.fixture(scope="session")
def experiments(smoke: Repo, once: Once) -> tuple[Repo, dict[str, Ran]]:
    """Two experiments after the finished run, and what each ran: `capped`, which ran in a
    temporary copy of the repository, and `two`, with a second iteration, in the workspace."""

    def build(path: Path) -> dict[str, str]:
        repo = copy(smoke, path)
        before = repo.bytes(*OUTPUTS)
        capped = repo.dvc("exp", "run", "--temp", "-n", "capped", "-S", "cap=1").output
        assert repo.bytes(*OUTPUTS) == before, "the workspace is untouched"
        return {
            "capped": capped,
            "two": repo.dvc("exp", "run", "-n", "two", "-S", "iters=2").output,
        }

    repo, said = once("experiments", build)
    return repo, {name: Ran.of(output) for name, output in said.items()}
