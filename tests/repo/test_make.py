"""The Makefile: nothing is installed twice, and a folder may have blanks in its name.

The recipes that install are replaced by one that counts, so that nothing here touches a network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout with tools that say how they were called."""
    root = tmp_path / "my restem"
    (root / ".venv/bin").mkdir(parents=True)
    shutil.copytree(REPO / "requirements", root / "requirements")
    shutil.copy(REPO / "pyproject.toml", root)
    shutil.copy(REPO / "Makefile", root)
    for tool in ("python", "ruff", "mypy", "codespell", "dvc", "mlflow"):
        file = root / ".venv/bin" / tool
        file.write_text('#!/bin/sh\necho "$(basename "$0") $*" >> calls\n')
        file.chmod(0o755)
    return root


def make(folder: Path, *targets: str) -> list[str]:
    """What was called."""
    calls = folder / "calls"
    calls.unlink(missing_ok=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    subprocess.run(["make", *targets], cwd=folder, env=environment, check=True, capture_output=True)
    return calls.read_text().splitlines() if calls.exists() else []


def installs(calls: list[str]) -> list[str]:
    return [call for call in calls if call.startswith("python -m pip")]


def test_a_set_up_is_made_once_and_again_when_what_it_is_made_from_changes(folder: Path) -> None:
    assert installs(make(folder, "setup"))
    assert make(folder, "setup") == []
    for file in (folder / "requirements/dev.lock", folder / "pyproject.toml", folder / "Makefile"):
        os.utime(file)  # as after a checkout
    assert make(folder, "setup") == []
    with (folder / "requirements/dev.lock").open("a") as lock:
        lock.write("# more\n")
    assert installs(make(folder, "setup"))
    assert make(folder, "setup") == []


def test_engines_are_added_once_and_again_after_a_new_set_up(folder: Path) -> None:
    engines = "python -m pip install -q --no-deps -r requirements/engines.lock"
    calls = make(folder, "engines")
    assert calls[-1] == engines
    assert len(installs(calls)) > 1
    assert make(folder, "engines") == []
    with (folder / "requirements/engines.lock").open("a") as lock:
        lock.write("# more\n")
    assert make(folder, "engines") == [engines]
    with (folder / "pyproject.toml").open("a") as project:
        project.write("# more\n")
    assert make(folder, "engines")[-1] == engines


@pytest.mark.parametrize("target", ["experiments", "ui"])
def test_who_only_looks_takes_the_set_up_there_is(folder: Path, target: str) -> None:
    assert installs(make(folder, target))
    with (folder / "requirements/dev.lock").open("a") as lock:
        lock.write("# newer\n")
    (call,) = make(folder, target)
    assert call.split()[0] in ("dvc", "mlflow")


def test_targets_find_their_tools_in_a_folder_with_blanks_in_its_name(folder: Path) -> None:
    make(folder, "engines")
    called = {
        "lint": ["ruff format --check .", "ruff check .", "mypy src", "codespell "],
        "test": [
            "python -m pytest -n 2 --no-loadscope-reorder -m not alone and not all_worlds",
            "python -m pytest -m alone",
        ],
        "ui": ["mlflow ui --workers 1 --backend-store-uri sqlite:///mlflow.db"],
    }
    assert {target: make(folder, target) for target in called} == called
