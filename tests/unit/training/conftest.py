"""Makes `training_jobs` importable, and one tiny policy for all tests of this folder."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from training_jobs import save_policy


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder; tests only read it."""
    return save_policy(tmp_path_factory.mktemp("policy") / "tiny")
