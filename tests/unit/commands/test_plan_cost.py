"""What a run will cost, from a slice of it that is really run."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_models

from restem.commands import cost, plan_cost, slice, trial
from restem.commands.slice import COUNTED, ESTIMATE, MEASURED, Amount
from restem.core import layout, params, storage
from restem.core.errors import DataError, ParamsError
from restem.core.params import Params
from restem.core.protocols import Request, Shard
from restem.core.records import Problem, ScoredRow

REPO = Path(__file__).parents[3]
SMALL = {
    "iters: 2": "iters: 1",
    "max_new_tokens: 90": "max_new_tokens: 12",
    "batch_rows: 512": "batch_rows: 32",
    "train_problems: 2800": "train_problems: 40",
    "workers: 0": "workers: 1",
}


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """params.yaml of a small run and nothing else; the working directory."""
    text = (REPO / "tests/params.yaml").read_text("utf-8")
    for before, after in SMALL.items():
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "params.yaml").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


def make_inputs() -> None:
    """40 problems with human solutions, and a policy 0 of random weights."""
    problems = [
        Problem(f"p{i:02d}", "t", "train", "s", 1, "q", prompt, (), '{"answer": "7"}', " w5 w6")
        for i, prompt in enumerate(tiny_models.prompts(40))
    ]
    storage.write_problems(layout.problems("train"), problems)
    tiny_models.save(tiny_models.llama(), tiny_models.word_tokenizer(), layout.model("0"))


def told(*words: str) -> list[str]:
    parser = argparse.ArgumentParser()
    plan_cost.add_arguments(parser)
    return list(plan_cost.run(parser.parse_args(words)))


def files() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()}


def shard(name: str, problems: int = 4) -> Shard:
    return Shard(name, tuple(Request(f"{name}-{i}", "", (), 0, 8) for i in range(problems)))


def sample(index: int, text: str, reward: float, outcome: str = "wrong") -> ScoredRow:
    outcome = "correct" if reward else outcome
    return ScoredRow("p", index, text, 5, "stop", None, f"s{index}", None, reward, outcome, "", "g")


def made_slice() -> slice.Slice:
    """100 problems in D, 10 tokens a sample at 1,000 tokens/s, on two lanes."""
    updates = trial.Updates(row_tokens=20, row_updates=0.5, update_s=2.0)
    return slice.Slice(
        problems=10,
        samples=80,
        whole=100,
        drawn=2,
        found=0,
        habits=slice.Habits(
            tokens=Amount(10, MEASURED, 8, 12),
            truncated=Amount(0.1, MEASURED),
            correct=Amount(0.5, MEASURED),
            kept=Amount(2, MEASURED, 1, 3),
        ),
        speed=trial.Speed(3, 1, 1000, 1.0, 2, 2, "core"),
        grading=trial.Grading(5, 0.5, 0.75, True, 0),
        disk=slice.Disk(100, 90, 120, 200, 4000),
        parameters=1000,
        updates=updates,
        human=updates,
        human_rows=100,
    )


def test_sampling_and_scoring_follow_from_the_slice() -> None:
    values = params.load()
    values.samples_per_problem = 12  # drawn in chunks of 8
    drawn, scored, *_ = cost.one_iteration(values, made_slice())
    assert drawn.samples == Amount(1600, COUNTED)
    assert drawn.tokens == Amount(16_000, MEASURED, 12_800, 19_200)
    assert drawn.wall_s == Amount(20, MEASURED, 16.8, 23.2)
    assert drawn.engine_s == Amount(40, MEASURED, 33.6, 46.4)
    assert drawn.disk == Amount(1600 * 100 + 1200 * 90, MEASURED)
    assert scored.samples == Amount(1200, COUNTED)
    assert scored.wall_s == Amount(5 + 600, MEASURED)
    assert scored.grader_s == Amount(900, MEASURED)


def test_training_follows_from_the_kept_solutions() -> None:
    values = params.load()
    values.train.max_epochs, values.train.checks_per_epoch = 3, 1
    values.data.val_problems = 50
    trained = cost.one_iteration(values, made_slice())[2]
    assert trained.samples == Amount(200, MEASURED, 100, 300)
    assert trained.tokens == Amount(12_000, MEASURED, 6000, 18_000)
    assert trained.wall_s is not None
    checks = 150 * 10 * 2 / 1000 + 3 + 3 * 1 + 150 * 0.5
    assert trained.wall_s.value == pytest.approx(200 * 0.5 * 3 * 2 + checks)
    assert trained.disk is not None
    assert trained.disk.value == 200 * 200 + 2 * 12 * 1000 + 4000


def test_without_a_speed_or_a_correct_solution_their_numbers_are_left_out() -> None:
    values = params.load()
    found = made_slice()
    blank = replace(found, speed=replace(found.speed, rate=None), updates=None, human=None)
    drawn, _, trained, evaluated = cost.one_iteration(values, blank)
    assert (drawn.wall_s, drawn.engine_s) == (None, None)
    assert (trained.tokens, trained.wall_s) == (None, None)
    assert evaluated.wall_s is None
    assert "human" not in {stage.name for stage in cost.whole_run(values, blank)}


def test_a_whole_run_is_its_iterations_the_baseline_and_the_control() -> None:
    values = params.load()
    values.iters = 3
    once = {stage.name: stage for stage in cost.one_iteration(values, made_slice())}
    whole = {stage.name: stage for stage in cost.whole_run(values, made_slice())}
    assert list(whole) == ["sample", "score", "train", "eval", "human", "eval 0, human", "all"]
    assert once["sample"].tokens is not None
    assert whole["sample"].tokens == once["sample"].tokens.times(3)
    parts = [stage.tokens.value for name, stage in whole.items() if name != "all" and stage.tokens]
    assert whole["all"].tokens is not None
    assert whole["all"].tokens.value == pytest.approx(sum(parts))


def test_a_sum_of_unlike_amounts_is_an_estimate_and_keeps_the_ends() -> None:
    assert Amount(4, MEASURED, 3, 5).plus(Amount(2, ESTIMATE)) == Amount(6, ESTIMATE, 5, 7)
    assert Amount(4, MEASURED).plus(Amount(2, MEASURED)) == Amount(6, MEASURED)


def test_shards_are_spread_over_the_problems() -> None:
    shards = [shard(f"s{i}") for i in range(12)]
    picked = picked_names(shards, 16, 2, set())
    assert picked == ["s1", "s4", "s7", "s10"]


def test_a_speed_takes_two_missing_shards_per_lane() -> None:
    shards = [shard(f"s{i}") for i in range(12)]
    picked = picked_names(shards, 8, 1, {"s3", "s9"})
    assert picked[:2] == ["s3", "s9"]
    assert len(picked) == 4
    assert picked_names(shards, 8, 1, {s.name for s in shards}) == ["s3", "s9"]


def picked_names(shards: list[Shard], wanted: int, lanes: int, there: set[str]) -> list[str]:
    return [s.name for s in slice.pick(shards, wanted, lanes, lambda s: s.name in there)]


def expected(values: Params, *texts: str) -> float:
    rows = [sample(i, text or f"wrong {i}", float(text != "")) for i, text in enumerate(texts)]
    return slice.expected(values, rows)


def test_kept_solutions_are_counted_distinct_and_grow_with_what_was_seen_once() -> None:
    values = params.load()
    values.samples_per_problem = 4
    assert expected(values, "a", "a", "b", "") == 2
    values.samples_per_problem = 8  # three more correct ones, a third of them new
    assert expected(values, "a", "a", "b", "") == pytest.approx(3)
    assert expected(values, "a", "a", "a", "") == 1
    assert expected(values, "", "", "", "") == 0
    values.method.dedupe = "none"
    assert expected(values, "a", "a", "b", "") == 6


def test_weight_exp_projects_and_trains_on_wrong_solutions_as_the_filter_does() -> None:
    values = params.load()
    values.samples_per_problem = 8
    values.method.weight, values.method.beta = "exp", 0.5
    rows = [sample(0, "a", 1.0), sample(1, "b", 0.0), sample(2, "b", 0.0),
            sample(3, "c", 0.0, "truncated")]  # fmt: skip
    assert slice.expected(values, rows) == pytest.approx(2 + 3 * 1 / 3)
    assert kept(values, rows) == {"a": pytest.approx(math.exp(2)), "b": 1.0}
    values.method.weight = "one"
    assert slice.expected(values, rows) == 1 + 1
    assert kept(values, rows) == {"a": 1.0}


def kept(values: Params, rows: list[ScoredRow]) -> dict[str, float]:
    """Weights by text."""
    asked = {"p": Problem("p", "t", "train", "s", 1, "q", "prompt", (), "{}", None)}
    found = slice.kept_rows(values, asked, {"p": rows})
    assert {(row.prompt, row.problem_id) for row in found} == {("prompt", "p")}
    return {row.completion: row.weight for row in found}


@pytest.mark.parametrize(
    ("words", "message"),
    [(["2"], "K must be an iteration from 1 to 1"), (["--problems", "0"], "--problems must be")],
)
def test_what_cannot_be_asked_for_is_said(words: list[str], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        told(*words)


def test_replay_draws_nothing_that_could_be_measured() -> None:
    text = Path("params.yaml").read_text("utf-8")
    Path("params.yaml").write_text(text.replace("\nengine: hf ", "\nengine: replay "), "utf-8")
    with pytest.raises(ParamsError, match="engine is replay"):
        told()


def test_missing_inputs_name_the_stages_to_run() -> None:
    with pytest.raises(DataError, match=r"train\.parquet is missing; `dvc repro prepare base`"):
        told()
    assert files() == {"params.yaml"}


@pytest.mark.slow
def test_the_slice_is_run_and_only_its_shards_stay() -> None:
    make_inputs()
    before = files()
    answer = json.loads(told("--json", "--problems", "8")[0])
    found = answer["slice"]
    assert found["samples"] == 8 * found["problems"]
    assert found["whole"] == 40
    assert found["speed"]["rate"] > 0
    assert found["updates"] is None  # random weights solve nothing
    assert found["human"]["update_s"] > 0
    assert [stage["name"] for stage in answer["one_iteration"]][:2] == ["sample", "score"]
    shards = [path for path in files() - before if Path(path).name.startswith("s0")]
    assert len(shards) == found["drawn"]
    rest = files() - before - set(shards)
    assert {Path(path).parent.name for path in rest if "locks" in path} <= {"locks"}
    assert all(path.startswith(".dvc/tmp/restem/") for path in rest)

    again = told("--problems", "8")
    assert any("there" in line and f" {found['drawn']} were there" in line for line in again)
    assert any(line.startswith("Training: no sample of the slice would be kept") for line in again)


def test_the_doctor_points_here_for_a_model_it_has_no_rates_of() -> None:
    lines, basis = cost.estimate(replace(params.load(), model="some/folder"))
    assert {line.cpu_s for line in lines} == {None}
    assert "`python -m restem plan-cost`" in basis
