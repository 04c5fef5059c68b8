"""The part of the report that says how far its verdicts can be trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from restem.core import layout
from restem.core.errors import DataError
from restem.core.params import Params
from restem.core.storage import read_json, write_json
from restem.stages import report

pytestmark = pytest.mark.slow  # runs the whole stage

Build = Callable[..., Params]


def page() -> str:
    return Path("metrics/report.html").read_text()


def test_the_page_says_how_far_the_verdicts_can_be_trusted(experiment: Build) -> None:
    params = experiment(iters=2)
    report.run(params, None)
    found: dict[str, Any] = read_json(layout.AUDIT)
    tried = found["probe"]["all"]["tried"]
    assert f"<th>all</th><td>{tried:,}</td><td>0</td><td>0.0 %</td>" in page()
    assert "Iteration 2, 900 samples: 0 rewards the second would not give, 0 that only it" in page()
    assert page().count("<h3>A second grader</h3>") == 1
    assert page().count("<h3>Right for the right reason?</h3>") == 1
    numbers = json.loads(layout.SUMMARY.read_text())["audit"]
    assert sorted(numbers) == [
        "disputed", "luck", "probe_accepted", "probe_at_most", "wrong_steps",
    ]  # fmt: skip
    assert (numbers["probe_accepted"], numbers["disputed"]) == (0, 0)


def test_accepted_wrong_solutions_are_shown(experiment: Build) -> None:
    params = experiment(iters=0)
    found: dict[str, Any] = read_json(layout.AUDIT)
    found["probe"]["examples"] = [{"kind": "sign", "problem_id": "p", "gold": "17",
                                   "accepted": "-17", "detail": "boxed"}]  # fmt: skip
    found["probe"]["faults"] = 3
    write_json(layout.AUDIT, found)
    report.run(params, None)
    assert "<pre>-17</pre><p>accepted (boxed); gold 17</p>" in page()
    assert "3 of them the verifier could not judge" in page()
    assert "A second grader" not in page()


def test_programs_have_no_steps_and_no_luck(experiment: Build) -> None:
    params = experiment(iters=1)
    found: dict[str, Any] = read_json(layout.AUDIT)
    found["iterations"]["1"] |= {"steps": None, "luck": None}
    write_json(layout.AUDIT, found)
    report.run(params, None)
    assert "Right for the right reason?" not in page()
    assert sorted(json.loads(layout.SUMMARY.read_text())["audit"]) == [
        "disputed", "probe_accepted", "probe_at_most",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"cannot read metrics/audit\.json"),
        ({"iterations": {"1": {}}}, r"is of another run: it does not hold iterations 1 to 2"),
        ({"iterations": {"1": {}, "2": {}}}, r"metrics/audit\.json lacks"),
    ],
)
def test_without_this_runs_audit_there_is_no_report(
    experiment: Build, content: object, message: str
) -> None:
    params = experiment(iters=2)
    layout.AUDIT.unlink()
    if content is not None:
        write_json(layout.AUDIT, content)
    with pytest.raises(DataError, match=message):
        report.run(params, None)
    assert not Path("metrics/report.html").exists()
