"""Which iterations work."""

from __future__ import annotations

from pathlib import Path

import pytest

from restem.core import layout, storage


@pytest.mark.parametrize(
    ("iteration", "active"), [("0", True), ("human", True), ("1", True), ("3", False)]
)
def test_an_iteration_is_active_if_its_line_of_the_plan_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, iteration: str, active: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(1, 6):
        storage.write_json(layout.plan(str(number)), {"iteration": number, "active": number <= 2})
    assert layout.is_active(iteration) is active


def test_every_path_stays_in_the_folders_dvc_knows() -> None:
    functions = (layout.plan, layout.problems, layout.samples, layout.scored, layout.train_rows,
                 layout.eval_rows, layout.model, layout.training, layout.evaluation)  # fmt: skip
    paths = [function("1") for function in functions]
    assert len(set(paths)) == len(paths)
    assert {path.parts[0] for path in paths} == {"data", "models", "metrics"}
    assert not any(path.is_absolute() for path in paths)
