"""What stages refuse, and what they leave in place when they do."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from restem.core import layout, params, storage
from restem.core.errors import DataError, EngineError, SandboxError
from restem.core.faults import check_faults
from restem.core.protocols import Sampling, Shard
from restem.core.records import TIMEOUT, Completion, Problem, Verdict
from restem.stages import base, train
from restem.stages import eval as evaluation

VALUES = params.load(Path(__file__).parents[3] / "tests/params.yaml")


def problems(split: str) -> list[Problem]:
    return [Problem(f"{split}-{i}", "t", split, "s", 1, "?", "?", (), "{}", None) for i in range(4)]


def test_evaluation_without_a_test_set_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for split in ("train", "val", "stories"):
        storage.write_problems(layout.problems(split), problems(split))
    with pytest.raises(DataError, match=r"test\.parquet"):
        evaluation.problem_sets(VALUES)


def test_a_folder_that_is_no_model_leaves_the_old_base_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    old = layout.model("0") / "model.safetensors"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    values = params.load(Path(__file__).parents[3] / "tests/params.yaml")
    values.model = str(tmp_path)
    with pytest.raises(EngineError, match=r"no config\.json"):
        base.run(values, None)
    assert old.read_bytes() == b"old"


@pytest.mark.parametrize(("faults", "refused"), [(0, False), (1, False), (2, True)])
def test_faults_above_the_rate_stop_a_stage(faults: int, refused: bool) -> None:
    if refused:
        with pytest.raises(SandboxError, match="2 of 100 solutions"):
            check_faults(faults, 100, 0.01, "first: p")
    else:
        assert check_faults(faults, 100, 0.01, "first: p") is None


class Echo:
    """An engine that says the same of everything."""

    def generate(
        self, shards: Iterable[Shard], sampling: Sampling
    ) -> Iterator[tuple[Shard, list[list[Completion]]]]:
        for shard in shards:
            yield shard, [[Completion("5", 1, "stop", -1.0)] for _ in shard.requests]


class Broken:
    """A verifier that never answers in time."""

    def score(self, problems: Sequence[Problem], texts: Sequence[str]) -> list[Verdict]:
        return [Verdict(0.0, TIMEOUT, None, "too slow") for _ in texts]

    def group(self, answers: Sequence[str | None]) -> list[int | None]:
        return [None for _ in answers]


def test_a_broken_verifier_stops_a_check_of_d_val_and_is_no_bad_model() -> None:
    with pytest.raises(SandboxError, match="4 of 4 solutions"):
        train.mean_reward(Echo(), Broken(), problems("val"), VALUES)
