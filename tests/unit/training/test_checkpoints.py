from dataclasses import replace
from pathlib import Path

import pytest
from training_jobs import TRAIN

from restem.core.errors import ResumeError
from restem.training.checkpoints import complete, folder, last
from restem.training.checks import Check

CHECKS = [Check(2, 0.5, 0.1), Check(4, 1.0, 0.9), Check(6, 1.5, 0.3), Check(8, 2.0, 0.9)]
FACTS = {"num_updates": 12, "num_rows": 5}


def written(work_dir: Path, num_checks: int) -> None:
    """The first checkpoints, each completed in its turn."""
    for i in range(1, num_checks + 1):
        path = folder(work_dir, CHECKS[i - 1].step)
        path.mkdir(parents=True)
        (path / "model.safetensors").write_text("weights")
        complete(work_dir, "job", CHECKS[:i], FACTS)


def kept(work_dir: Path) -> list[str]:
    return sorted(path.name for path in work_dir.iterdir())


def test_the_newest_and_the_best_are_kept(tmp_path: Path) -> None:
    written(tmp_path, 4)
    assert kept(tmp_path) == ["checkpoint-4", "checkpoint-8"]
    found = last(tmp_path, "job")
    assert found is not None
    assert (found.step, found.best.name, found.checks) == (8, "checkpoint-4", CHECKS)
    assert found.facts == FACTS


def test_the_best_alone_is_kept_while_it_is_the_newest(tmp_path: Path) -> None:
    written(tmp_path, 2)
    assert kept(tmp_path) == ["checkpoint-4"]


def test_a_half_written_checkpoint_is_ignored_and_deleted(tmp_path: Path) -> None:
    written(tmp_path, 2)
    folder(tmp_path, 6).mkdir()
    (folder(tmp_path, 6) / "model.safetensors").write_text("wei")
    found = last(tmp_path, "job")
    assert found is not None
    assert found.step == 4
    assert kept(tmp_path) == ["checkpoint-4"]


def test_one_of_several_processes_deletes_nothing(tmp_path: Path) -> None:
    written(tmp_path, 2)
    folder(tmp_path, 6).mkdir()
    found = last(tmp_path, "job", tidy=False)
    assert found is not None
    assert found.step == 4
    assert kept(tmp_path) == ["checkpoint-4", "checkpoint-6"]


def test_a_training_is_over_after_all_updates_or_when_patience_is_used_up(tmp_path: Path) -> None:
    written(tmp_path, 4)
    found = last(tmp_path, "job")
    assert found is not None
    assert not found.is_over(replace(TRAIN, patience=2))
    assert found.is_over(replace(TRAIN, patience=1))
    assert replace(found, facts={"num_updates": 8}).is_over(replace(TRAIN, patience=2))


def test_steps_are_compared_as_numbers(tmp_path: Path) -> None:
    for step in (8, 10):
        folder(tmp_path, step).mkdir()
        complete(tmp_path, "job", [Check(step, 1.0, step / 10)], FACTS)
    found = last(tmp_path, "job")
    assert found is not None
    assert found.step == 10


def test_nothing_is_found_in_an_empty_or_missing_folder(tmp_path: Path) -> None:
    assert last(tmp_path, "job") is None
    assert last(tmp_path / "missing", "job") is None


def test_a_checkpoint_of_another_job_is_refused(tmp_path: Path) -> None:
    written(tmp_path, 1)
    with pytest.raises(ResumeError, match=r"other rows, settings or another model, .* delete"):
        last(tmp_path, "another job")
