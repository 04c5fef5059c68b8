"""The default parameters, for importers all that a data set has; and where public files are."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from restem.core import params
from restem.core.params import Data, Params

VALUES = params.load(Path(__file__).parents[3] / "tests/params.yaml")


@pytest.fixture
def values() -> Params:
    return VALUES


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """An empty folder, from which two validation problems and everything else are wanted."""
    return replace(VALUES.data, path=str(tmp_path), few_shot=2, train_problems=10**6,
                   val_problems=2, test_problems=10**6)  # fmt: skip


@pytest.fixture
def public() -> Callable[[str], Path]:
    """A file or folder of the public data; the test is skipped without it."""

    def find(name: str) -> Path:
        root = os.environ.get("RESTEM_DATA")
        if not root or not (Path(root) / name).exists():
            pytest.skip(f"RESTEM_DATA names no folder with {name}")
        return Path(root) / name

    return find
