"""What is missing, and what a run costs."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import pytest

from restem.commands import cost, doctor
from restem.core import layout, params, storage
from restem.core.errors import DataError

REPO = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """params.yaml and nothing else; the working directory."""
    (tmp_path / "params.yaml").write_bytes((REPO / "tests/params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines_of(params_values: params.Params) -> dict[str, cost.Cost]:
    return {line.step: line for line in cost.estimate(params_values)[0]}


def test_solutions_and_tokens_are_counted_from_params() -> None:
    values = params.load()
    values.iters, values.samples_per_problem, values.cap = 3, 16, 10
    values.data.train_problems, values.sample.max_new_tokens = 100, 50
    lines = lines_of(values)
    assert (lines["sample"].solutions, lines["sample"].tokens) == (4800, 240_000)
    assert lines["train"].solutions == 3000
    assert lines["base"].tokens == values.base.steps * values.base.batch_tokens


def test_what_is_switched_off_costs_nothing() -> None:
    values = params.load()
    values.human.max_epochs = 0
    values.engine = "replay"
    values.eval.sampled_problems = 0
    before, lines = lines_of(params.load()), lines_of(values)
    assert {"human", "sample"} <= set(before)
    assert not {"human", "sample"} & set(lines)
    assert lines["eval"].tokens < before["eval"].tokens / 4


def test_an_earlier_run_replaces_the_guessed_lengths() -> None:
    values = params.load()
    row: storage.Row = {"problem_id": "p", "sample_index": 0, "text": "x", "num_tokens": 60,
                        "finish_reason": "stop", "logprob": None, "sample_id": "s"}  # fmt: skip
    kept: storage.Row = {"prompt": "p", "completion": "x", "weight": 1.0, "problem_id": "p",
                         "sample_id": "s"}  # fmt: skip
    guessed, basis = cost.estimate(values)
    assert basis.endswith("the embedded world")
    storage.write_rows("samples", layout.samples("1"), [row])
    storage.write_rows("train", layout.train_rows("1"), [kept] * 2800)
    measured, basis = cost.estimate(values)
    assert basis.endswith("the last run")
    drawn = guessed[1].solutions
    assert measured[1].cpu_s == pytest.approx(drawn * 60 / cost.SAMPLE_RATE + 2 * cost.START_S)


def test_a_model_without_measured_rates_has_no_cpu_time() -> None:
    lines, basis = cost.estimate(replace(params.load(), model="some/folder"))
    assert {line.cpu_s for line in lines} == {None}
    assert "some/folder" in basis


@pytest.mark.slow
def test_outside_a_repository_everything_is_told_and_then_what_is_missing() -> None:
    told = doctor.run(argparse.Namespace(json=True))
    answer = json.loads(next(told))
    with pytest.raises(DataError, match="not in order: repository"):
        next(told)
    found = {check["name"]: check["ok"] for check in answer["checks"]}
    assert found["torch"]
    assert found["params.yaml"]
    assert not found["repository"]
    assert not found["replay"]
    assert "disk" not in found, "sizes are compared where all that is asked for is there"
    assert answer["dvc"].startswith("dvc status failed")
    assert answer["cost"]


def test_what_cannot_run_is_not_in_order_with_its_next_step() -> None:
    values = replace(params.load(), task="gsm8k", engine="replay", model="some/model")
    values.data.path = "data/gsm8k"
    found = {check.name: check for check in doctor._fitting(values)}
    assert [name for name, check in found.items() if not check.ok] == ["data", "replay", "model"]
    assert "Get it from" in found["data"].text
    assert "hf download" in found["model"].text


def test_an_unknown_plug_in_is_one_finding_and_stops_the_others() -> None:
    assert list(doctor._fitting(replace(params.load(), task="gsm9k"))) == []


@pytest.mark.slow
def test_a_bad_params_file_is_one_of_the_findings() -> None:
    Path("params.yaml").write_text("iters: 9\n")
    told = doctor.run(argparse.Namespace(json=False))
    lines = [next(told)]
    with pytest.raises(DataError, match=r"not in order: repository, params\.yaml"):
        lines.extend(told)
    assert any("NOT OK   params.yaml" in line for line in lines)


def test_changed_stages_are_grouped() -> None:
    (line,) = doctor._stage_lines(["plan", "sample@1", "sample@3", "eval@1"], "")
    assert line.startswith("`dvc repro` would run plan sample@1,3 eval@1, and ")
    assert list(doctor._stage_lines([], "")) == [
        "nothing would run: data and pipelines are up to date"
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.2, "3 s"), (600, "10 min"), (7200, "2.0 h")]
)  # fmt: skip
def test_durations_read_well(seconds: float, text: str) -> None:
    assert doctor._duration(seconds) == text


def test_trainings_this_machine_cannot_do_are_found() -> None:
    values = params.load()
    train = replace(values.train, processes=1000, attention="flex_attention")
    found = {check.name: check for check in doctor._training(replace(values, train=train))}
    assert not found["processes"].ok
    assert "train.processes is 1000" in found["processes"].text
    assert not found["attention"].ok
    assert list(doctor._training(values)) == []


def test_what_deepspeed_is_told_is_shown() -> None:
    values = params.load()
    assert list(doctor._deepspeed_lines(values)) == []
    train = replace(values.train, deepspeed="zero3", offload=True, precision="bf16", accumulate=2)
    lines = list(doctor._deepspeed_lines(replace(values, train=train)))
    told = json.loads(lines[-1])
    assert told["zero_optimization"]["stage"] == 3
    assert told["zero_optimization"]["offload_param"] == {"device": "cpu"}
    assert told["bf16"] == {"enabled": True}
    assert told["gradient_accumulation_steps"] == 2
