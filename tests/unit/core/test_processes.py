"""Which command lines are those of DVC and of stages."""

from __future__ import annotations

import pytest

from restem.core.processes import is_dvc, is_stage


@pytest.mark.parametrize(
    "line",
    ["dvc repro", "/x/bin/dvc repro", "/x/bin/python3.11 /x/bin/dvc exp run", "python -m dvc pull"],
)
def test_a_dvc_is_known(line: str) -> None:
    assert is_dvc(line.split())


@pytest.mark.parametrize(
    "line", ["less dvc", "git log -- dvc", "grep -r dvc .", "python a.py dvc", "vim dvc.lock", ""]
)
def test_who_only_names_dvc_is_none(line: str) -> None:
    assert not is_dvc(line.split())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("python -m restem train 1", True),
        ("/x/bin/python /x/bin/restem -q sample 2", True),
        ("python -m restem configure train", False),
        ("restem grade plan", False),
        ("python -m restem store adopt score", False),
        ("python -m restem", False),
    ],
)
def test_a_stage_is_told_by_its_first_word(line: str, expected: bool) -> None:
    assert is_stage(line.split()) is expected
