"""Trainings that cannot be, or cannot go on."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from training_jobs import by_weights, contents, job, rows, save_policy, silent

from restem.core.errors import DataError, EngineError, ResumeError
from restem.training.loop import train

pytestmark = pytest.mark.slow  # trains models


def test_rows_beyond_the_positions_of_the_model_are_overlong(tmp_path: Path) -> None:
    short = save_policy(tmp_path / "short", max_position_embeddings=23)
    with pytest.raises(DataError, match="exceed 23 tokens"):
        train(job(tmp_path, short), by_weights, silent)


@pytest.mark.parametrize("accumulate", [1, 9])
def test_a_loss_that_is_not_finite_names_update_and_problems(
    tmp_path: Path, policy: Path, accumulate: int
) -> None:
    wild = job(
        tmp_path, policy, lr=1e30, warmup_ratio=0.0, checks_per_epoch=99, accumulate=accumulate
    )
    with pytest.raises(EngineError, match=r"at update 2 \(problems p\d\d, p\d\d.*train\.lr"):
        train(wild, by_weights, silent)
    assert (tmp_path / "work/checkpoint-1/complete.json").exists()
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no config\.json"):
        train(job(tmp_path, tmp_path / "nothing"), by_weights, silent)


def test_a_model_that_could_not_be_saved_is_refused_before_training(
    tmp_path: Path, policy: Path
) -> None:
    odd = shutil.copytree(policy, tmp_path / "odd")
    settings = json.loads((odd / "generation_config.json").read_text())
    (odd / "generation_config.json").write_text(
        json.dumps({**settings, "do_sample": False, "temperature": 0.5})
    )
    with pytest.raises(EngineError, match="temperature"):
        train(job(tmp_path, odd), by_weights, silent)


def test_a_checkpoint_that_cannot_be_written_is_a_resume_error(
    tmp_path: Path, policy: Path
) -> None:
    def block(done: int, total: int, live: str) -> None:
        (tmp_path / f"work/checkpoint-{done}").touch()  # where the next one is to go

    with pytest.raises(ResumeError, match=r"cannot write .*/work/checkpoint"):
        train(job(tmp_path, policy), by_weights, block)


def test_checkpoints_of_other_rows_are_refused(tmp_path: Path, policy: Path) -> None:
    train(job(tmp_path, policy, max_epochs=1), by_weights, silent)
    with pytest.raises(ResumeError, match="other rows, settings or another model"):
        train(job(tmp_path, policy, max_epochs=1, rows=rows(20)), by_weights, silent)


@pytest.mark.parametrize("changes", [{"lr": 1e-3}, {"seed": 2}, {"max_epochs": 2}, {"lora": 2}])
def test_checkpoints_of_other_settings_are_refused(
    tmp_path: Path, policy: Path, changes: dict[str, Any]
) -> None:
    train(job(tmp_path, policy, max_epochs=1), by_weights, silent)
    with pytest.raises(ResumeError, match="other rows, settings or another model"):
        train(job(tmp_path, policy, **{"max_epochs": 1, **changes}), by_weights, silent)


def test_checkpoints_of_another_model_are_refused(tmp_path: Path, policy: Path) -> None:
    other = save_policy(tmp_path / "other", initializer_range=0.03)
    assert contents(other).keys() == contents(policy).keys()
    train(job(tmp_path, policy, max_epochs=1), by_weights, silent)
    with pytest.raises(ResumeError, match="other rows, settings or another model"):
        train(job(tmp_path, other, max_epochs=1), by_weights, silent)


def test_the_same_model_in_another_folder_is_the_same(tmp_path: Path, policy: Path) -> None:
    moved = shutil.copytree(policy, tmp_path / "moved")
    first = train(job(tmp_path, policy, max_epochs=1), by_weights, silent)
    assert train(job(tmp_path, moved, max_epochs=1), by_weights, silent) == first


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({}, ["train.accumulate: 2 ", "gradient_checkpointing: true", "train.lora: 16"]),
        ({"accumulate": 4, "gradient_checkpointing": True}, ["train.accumulate: 8 "]),
    ],
)
def test_out_of_memory_says_what_helps_and_is_not_set(
    tmp_path: Path, policy: Path, changes: dict[str, Any], advice: list[str]
) -> None:
    def full(done: int, total: int, live: str) -> None:
        if done == 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore.")

    with pytest.raises(EngineError, match=r"^out of memory: CUDA .* 2\.00 GiB\. What") as told:
        train(job(tmp_path, policy, **changes), by_weights, full)
    assert all(word in str(told.value) for word in advice)
    assert ("gradient_checkpointing" in str(told.value)) is (
        "gradient_checkpointing" not in changes
    )
    assert "\n" not in str(told.value)
    assert (tmp_path / "work/checkpoint-3/complete.json").exists()


def test_other_runtime_errors_are_not_called_out_of_memory(tmp_path: Path, policy: Path) -> None:
    def broken(done: int, total: int, live: str) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match=r"^shapes do not match$"):
        train(job(tmp_path, policy), by_weights, broken)
