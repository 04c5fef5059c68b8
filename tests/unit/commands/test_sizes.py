"""A run that cannot fit is refused with the numbers that say so."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import tiny_models

from restem.commands import checks, sizes
from restem.core import params
from restem.core.errors import DataError, EngineError
from restem.core.params import Params

REPO = Path(__file__).parents[3]
DEFAULT = params.load(REPO / "tests/params.yaml")
BILLION = 10**9


class Usage(NamedTuple):
    free: int


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def model(num_parameters: int) -> Params:
    """The default with a model whose weights are a hole in a file."""
    Path("model").mkdir(exist_ok=True)
    size = 2 * num_parameters
    header = {"w": {"dtype": "BF16", "shape": [num_parameters], "data_offsets": [0, size]}}
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    with Path("model/model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + size)
    return replace(DEFAULT, model="model")


def test_parameters_are_counted_from_the_headers() -> None:
    model(3 * BILLION)
    assert checks.parameters_of(Path("model")) == 3 * BILLION


def test_weights_that_are_cut_off_are_refused() -> None:
    model(1000)
    os.truncate("model/model.safetensors", 500)
    with pytest.raises(EngineError, match=r"model/model\.safetensors is cut off"):
        checks.parameters_of(Path("model"))
    Path("model/model.safetensors").write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(EngineError, match="is no safetensors file"):
        checks.parameters_of(Path("model"))


def test_a_run_that_fills_the_disk_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "free, a run from nothing takes" in sizes.check_disk(DEFAULT)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(50 * BILLION))
    sizes.check_disk(DEFAULT)
    with pytest.raises(DataError, match=r"50\.0 GB free, .* takes 1\d\d.*models and checkpoints"):
        sizes.check_disk(model(3 * BILLION))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(BILLION // 2))
    with pytest.raises(DataError, match=r"500\.0 MB free"):
        sizes.check_disk(DEFAULT)


def test_models_that_the_run_replaces_count_as_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(BILLION // 2))
    Path("models/1").mkdir(parents=True)
    with Path("models/1/model.safetensors").open("wb") as file:
        file.truncate(BILLION)
    assert sizes.check_disk(DEFAULT).startswith("1.5 GB free")


def test_a_model_larger_than_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "has_gpu", lambda: False)
    with pytest.raises(EngineError, match=r"for the model's 1e\+03 billion parameters"):
        sizes.check_memory(model(10**12))
    assert " or more of " in sizes.check_memory(model(10**6))


def test_lora_and_a_cluster_take_less_memory_here() -> None:
    train = DEFAULT.train
    everything = sizes.training_bytes(BILLION, train)
    assert everything == 16 * BILLION
    assert sizes.training_bytes(BILLION, replace(train, lora=8)) == 4 * BILLION
    assert sizes.training_bytes(BILLION, replace(train, processes=4)) == 64 * BILLION
    assert sizes.training_bytes(BILLION, replace(train, cluster="ray")) == 0


def test_prompts_that_leave_no_room_in_the_context_are_refused() -> None:
    assert sizes.check_context(DEFAULT) == "not known before stage base"
    tiny_models.save(tiny_models.llama(), tiny_models.byte_tokenizer(), Path("models/0"))
    with pytest.raises(
        EngineError, match=r"\+ \w+\.max_new_tokens 90 exceed the model's .* of 128"
    ):
        sizes.check_context(DEFAULT)
    config = Path("models/0/config.json")
    config.write_text(config.read_text().replace("128", "4096"))
    assert sizes.check_context(DEFAULT).endswith("max_new_tokens 90 of 4096")
