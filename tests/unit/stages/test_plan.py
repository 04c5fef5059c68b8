"""The plan: what an iteration depends on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from restem.core import layout, params, storage
from restem.stages import plan

VALUES = params.load(Path(__file__).parents[3] / "tests/params.yaml")


@pytest.fixture(autouse=True)
def _workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def planned(values: params.Params) -> dict[str, object]:
    plan.run(values, None)
    return storage.read_json(layout.plan("1"))


def test_an_iteration_depends_on_its_own_line_alone() -> None:
    assert planned(VALUES) == {"iteration": 1, "active": True}
    assert planned(replace(VALUES, iters=0)) == {"iteration": 1, "active": False}
    assert planned(replace(VALUES, iters=5)) == {"iteration": 1, "active": True}


def test_a_budget_by_verdicts_depends_on_what_decides_them() -> None:
    values = replace(VALUES, sample=replace(VALUES.sample, stop_after_correct=3))
    first = planned(values)
    assert first.keys() == {"iteration", "active", "reward", "score"}
    assert planned(replace(values, reward="math")) != first
    assert planned(replace(values, score=replace(values.score, cpu_s=1.0))) != first
    assert planned(replace(values, score=replace(values.score, cluster="ray"))) == first
