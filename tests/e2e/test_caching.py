"""Caching is a promise: what a change runs again, counted."""

from pathlib import Path

import pytest
from pipeline import OUTPUTS, Ran, Repo, copy

pytestmark = pytest.mark.slow
E_STEP = {"sample@1", "score@1", "filter@1", "train@1", "eval@1"}
END = {"report", "track"}  # not cached
AFTER = {"audit", *END}
PLAN = {"plan"}  # checks the inputs whenever a parameter has changed


def test_what_each_change_runs_again(finished: Repo) -> None:
    repo = finished
    before = repo.bytes(*OUTPUTS)

    ran = repo.dvc("repro")
    assert not ran.stages, "a second repro runs nothing"
    assert "up to date" in ran.output

    repo.set("temperature=0.9")
    assert repo.dvc("repro").active == PLAN | E_STEP | AFTER
    repo.set("temperature=0.7")
    ran = repo.dvc("repro")
    assert ran.active == END, "going back restores from the run cache"
    assert {"sample@1", "train@1", "eval@1", "audit"} <= set(ran.cached)
    assert repo.bytes(*OUTPUTS) == before

    repo.set("cap=1")
    assert repo.dvc("repro").active == PLAN | E_STEP - {"sample@1", "score@1"} | AFTER
    repo.set("cap=10")
    assert repo.dvc("repro").active == END

    grader = repo.path / "src/restem/rewards/math.py"
    text = grader.read_text()
    grader.write_text(text + "\n# a comment changes no verdict\n")
    active = repo.dvc("repro").active
    assert "score@1" in active, "a changed grader scores again"
    assert {"plan", "prepare"} <= active, "and checks the golds again"
    assert not active & {"sample@1", "filter@1", "base"}
    grader.write_text(text)
    assert not repo.dvc("repro").active & {"score@1", "train@1", "baseline"}
    assert repo.bytes(*OUTPUTS) == before

    repo.set("score.cluster=ray", "machine.kv_cache_gb=2")
    assert repo.dvc("repro").active == PLAN | END, "where work is done changes no result"


def test_more_iterations_reuse_the_earlier_ones(
    experiments: tuple[Repo, dict[str, Ran]], tmp_path: Path
) -> None:
    repo, ran = copy(experiments[0], tmp_path / "repo"), experiments[1]["two"]
    two = {"sample@2", "score@2", "filter@2", "train@2", "eval@2"}
    assert ran.active == {"plan"} | two | AFTER
    assert "WARNING" not in ran.output
    assert (repo.path / "models/2/model.safetensors").exists()
    repo.set("iters=1")
    ran = repo.dvc("repro")
    assert not ran.active - {"plan"} - AFTER - two
    assert (repo.path / "models/2/idle").exists()
    repo.set("iters=2")
    ran = repo.dvc("repro")
    assert not ran.active & two, "going up again restores from the run cache"
    assert (repo.path / "models/2/model.safetensors").exists()


def test_what_cannot_work_stops_before_an_output_is_deleted(finished: Repo) -> None:
    repo = finished
    before = repo.bytes(*OUTPUTS)
    params = repo.path / "params.yaml"
    good = params.read_text()
    for line, bad, message in (
        ("iters: 1 ", "iters: 9 ", "iters must be <= 5, got 9"),
        ("cap: 10 ", "cap: 0 ", "cap must be >= 1, got 0"),
        ("model: tiny ", "model: typo ", "there is no folder typo"),
        ("task: math_world ", "task: gsm8k ", "train.jsonl (or .jsonl.gz) is missing"),
    ):
        assert line in good
        params.write_text(good.replace(line, bad))
        output = repo.run("dvc", "repro", code=255)
        assert message in next(row for row in output.splitlines() if row.startswith("restem plan"))
        assert repo.bytes(*OUTPUTS) == before
    params.write_text(good)
    ran = repo.dvc("repro")
    assert (ran.stages, ran.cached) == ([], ["plan"])
    assert repo.bytes(*OUTPUTS) == before


def test_outputs_deleted_before_a_stage_failed_can_come_back(finished: Repo) -> None:
    repo = finished
    before = repo.bytes("data/problems/*")
    repo.set("data.max_overlap.digits=0")
    output = repo.run("dvc", "repro", code=255)
    assert "data.max_overlap.digits allows 0.00%" in output
    assert "The earlier data/problems can come back: `dvc checkout prepare`." in output
    assert not repo.bytes("data/problems/*")
    repo.dvc("checkout", "prepare")
    assert repo.bytes("data/problems/*") == before
