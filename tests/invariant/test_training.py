"""Pairs of trainings that must be equal byte for byte: resumed and straight, and of one seed."""

import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import training_jobs
from training_jobs import by_weights, contents, families, job, rows, save_policy, silent, tokenizer

from restem.training import settings
from restem.training.batches import Updates
from restem.training.checks import check_steps
from restem.training.dataset import encode, into_rows
from restem.training.loop import train
from restem.training.model import load
from restem.training.plan import Plan
from restem.training.settings import arguments
from restem.training.trainer import build

KILLS = (
    "update:1",
    "update:6",  # the last of an epoch, before its checkpoint
    "update:8",  # in the middle of an epoch
    "check:2",  # the checkpoint is written, its reward not known
    "open:checkpoint-9/config.json",  # the first file of a checkpoint
    "open:checkpoint-9/trainer_state.json",  # the last one
    "open:README.md",  # all updates done, export half-way
)


LORA_KILLS = (
    "update:8",
    "check:2",
    "open:checkpoint-9/adapter_config.json",
    "open:checkpoint-9/trainer_state.json",
    "open:checkpoint-9/merged/config.json",  # the first file of the merged model
    "open:.out.partial/adapter/adapter_config.json",
)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_policy(tmp_path_factory.mktemp("policy") / "tiny")


def test_training_with_rows_of_weight_0_is_training_without_them(
    tmp_path: Path, policy: Path
) -> None:
    padded = [row for pair in zip(rows(), rows(), strict=True) for row in pair]
    padded = [replace(row, weight=float(i % 2)) for i, row in enumerate(padded)]
    train(job(tmp_path / "a", policy, rows=padded), by_weights, silent)
    train(job(tmp_path / "b", policy), by_weights, silent)
    assert contents(tmp_path / "a/out") == contents(tmp_path / "b/out")


def test_solutions_that_share_rows_give_equal_bytes_after_a_resume(
    tmp_path: Path, policy: Path
) -> None:
    some = families(8, 4)
    straight = train(job(tmp_path / "a", policy, rows=some, accumulate=2), by_weights, silent)
    with pytest.raises(Stop):
        train(
            job(tmp_path / "b", policy, rows=some, accumulate=2),
            by_weights,
            interrupted(straight.num_updates // 2),
        )
    resumed = train(job(tmp_path / "b", policy, rows=some, accumulate=2), by_weights, silent)
    assert resumed == straight
    assert contents(tmp_path / "a/out") == contents(tmp_path / "b/out")


def test_equal_jobs_give_equal_bytes_and_results(tmp_path: Path, policy: Path) -> None:
    a = train(job(tmp_path / "a", policy), by_weights, silent)
    b = train(job(tmp_path / "b", policy), by_weights, silent)
    assert a == b
    assert contents(tmp_path / "a/out") == contents(tmp_path / "b/out")


def test_another_seed_gives_other_bytes(tmp_path: Path, policy: Path) -> None:
    for seed in (1, 2):
        train(job(tmp_path / str(seed), policy, seed=seed, max_epochs=1), by_weights, silent)
    assert contents(tmp_path / "1/out") != contents(tmp_path / "2/out")


class Stop(Exception):
    pass


def interrupted(at: int) -> Any:
    def on_step(done: int, total: int, live: str) -> None:
        if done == at:
            raise Stop

    return on_step


@pytest.mark.parametrize("at", [8, 11])
def test_resumed_is_straight_also_with_dropout(tmp_path: Path, at: int) -> None:
    noisy = save_policy(tmp_path / "noisy", attention_dropout=0.3)
    straight = train(job(tmp_path / "a", noisy), by_weights, silent)
    with pytest.raises(Stop):
        train(job(tmp_path / "b", noisy), by_weights, interrupted(at))
    first: list[int] = []
    resumed = train(
        job(tmp_path / "b", noisy), by_weights, lambda done, total, live: first.append(done)
    )
    assert first[0] == 3 * ((at - 1) // 3) + 1  # checks are 3 updates apart
    assert resumed == straight
    assert contents(tmp_path / "a/out") == contents(tmp_path / "b/out")


def test_a_curve_of_means_is_the_same_after_a_resume(
    tmp_path: Path, policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "CURVE_POINTS", 4)  # a point every 5 updates, a check every 3
    straight = train(job(tmp_path / "a", policy), by_weights, silent)
    with pytest.raises(Stop):
        train(job(tmp_path / "b", policy), by_weights, interrupted(8))
    resumed = train(job(tmp_path / "b", policy), by_weights, silent)
    assert [point["step"] for point in straight.curve] == [3, 5, 6, 9, 10, 12, 15, 18]
    assert resumed.curve == straight.curve


def test_validation_leaves_no_trace(tmp_path: Path) -> None:
    noisy = save_policy(tmp_path / "noisy", attention_dropout=0.3)

    def careless(folder: Path) -> float:
        torch.rand(1)
        random.random()
        torch.set_num_threads(2)
        return by_weights(folder)

    train(job(tmp_path / "a", noisy), by_weights, silent)
    train(job(tmp_path / "b", noisy), careless, silent)
    assert contents(tmp_path / "a/out") == contents(tmp_path / "b/out")


class Recorded(Updates):
    """Remembers which epochs were drawn."""

    def __init__(self, *args: Any) -> None:
        self.drawn: list[int] = []
        super().__init__(*args)

    def in_epoch(self, epoch: int) -> list[list[int]]:
        self.drawn.append(epoch)
        return super().in_epoch(epoch)


def recorded_plan(folder: Path, on_step: Any, accumulate: int = 1) -> Plan:
    some = into_rows(encode(rows(), tokenizer(), 64)[0], 64, share=False)
    updates = Recorded([row.length for row in some], 100, 0)
    updates.drawn.clear()
    steps = frozenset(check_steps(updates.per_epoch, 3, 2))
    updates.drawn.clear()
    told = replace(training_jobs.TRAIN, accumulate=accumulate)
    return Plan("key", folder, told, 3, some, [], updates, steps, by_weights, on_step)


def trained(policy: Path, plan: Plan, checkpoint: Path | None = None) -> list[int]:
    """The epochs that were drawn."""
    trainer = build(load(policy), tokenizer(), plan, arguments(plan, 0, True))
    trainer.train(str(checkpoint) if checkpoint else None)
    return plan.updates.drawn  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("accumulate", [1, 3])
def test_trainer_draws_each_epoch_in_its_own_order(
    tmp_path: Path, policy: Path, accumulate: int
) -> None:
    assert trained(policy, recorded_plan(tmp_path, silent, accumulate)) == [0, 1, 2]


@pytest.mark.parametrize("accumulate", [1, 3])
def test_trainer_goes_on_in_the_epoch_it_was_in(
    tmp_path: Path, policy: Path, accumulate: int
) -> None:
    num_updates = recorded_plan(tmp_path, silent).updates.per_epoch
    middle = num_updates + round(num_updates / 2)
    with pytest.raises(Stop):
        trained(policy, recorded_plan(tmp_path, interrupted(middle + 1), accumulate))
    plan = recorded_plan(tmp_path, silent, accumulate)
    assert trained(policy, plan, tmp_path / f"checkpoint-{middle}") == [1, 2]


def at_points(folder: Path, changes: dict[str, Any], *points: str) -> dict[str, Path]:
    """Where a job was trained after it was killed at these points; `straight` was not."""
    script = Path(training_jobs.__file__)
    command = [sys.executable, script, folder, json.dumps(changes), "straight", *points]
    subprocess.run(command, check=True, timeout=300)
    return {point: folder / point.replace("/", "_") for point in ("straight", *points)}


def assert_all_alike(places: dict[str, Path]) -> None:
    straight = places["straight"]
    for kill, place in places.items():
        assert contents(place / "out") == contents(straight / "out"), kill
        assert json.loads((place / "result.json").read_text()) == json.loads(
            (straight / "result.json").read_text()
        ), kill


def first_updates(places: dict[str, Path]) -> list[int]:
    return [int((place / "first").read_text()) for place in places.values()]


@pytest.mark.slow
def test_killed_and_resumed_is_straight(tmp_path: Path) -> None:
    places = at_points(tmp_path, {}, *KILLS)
    assert_all_alike(places)
    # it went on from the last complete checkpoint
    assert first_updates(places) == [1, 1, 4, 7, 7, 7, 7, 0]


@pytest.mark.slow
def test_killed_and_resumed_in_several_passes_is_straight(tmp_path: Path) -> None:
    changes = {"accumulate": 3, "gradient_checkpointing": True, "normalize": "solution"}
    places = at_points(tmp_path, changes, "update:8", "open:checkpoint-9/trainer_state.json")
    assert_all_alike(places)
    assert first_updates(places) == [1, 7, 7]


@pytest.mark.slow
def test_killed_and_resumed_with_lora_is_straight(tmp_path: Path) -> None:
    changes = {"lora": 4, "freeze_embeddings": False}
    places = at_points(tmp_path, changes, *LORA_KILLS)
    assert_all_alike(places)
    assert first_updates(places) == [1, 7, 7, 7, 7, 10, 0]


@pytest.mark.slow
def test_lora_gives_the_same_bytes_whatever_order_python_hashes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outs = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        changes = {"lora": 4, "freeze_embeddings": False, "max_epochs": 1}
        outs.append(contents(at_points(tmp_path / seed, changes)["straight"] / "out"))
    assert outs[0] == outs[1]
