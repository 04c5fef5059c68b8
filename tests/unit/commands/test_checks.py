"""What params.yaml names is checked before anything is deleted: each error says what to do."""

from __future__ import annotations

import importlib.util
import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from restem.commands import checks
from restem.core import params
from restem.core.errors import DataError, EngineError, ParamsError
from restem.core.params import Params

REPO = Path(__file__).parents[3]
DEFAULT = params.load(REPO / "tests/params.yaml")


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders that are in a fresh checkout."""
    monkeypatch.chdir(tmp_path)
    for name in ("src/restem/worlds", "data/replay"):
        Path(name).mkdir(parents=True)


def gsm8k(**changes: object) -> Params:
    """Task gsm8k on three problems in data/gsm8k."""
    folder = Path("data/gsm8k")
    folder.mkdir(parents=True, exist_ok=True)
    for name, first in (("train", 0), ("test", 10)):
        rows = [
            {"question": f"What is {i}?", "answer": f"#### {i}"} for i in range(first, first + 3)
        ]
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    small = replace(DEFAULT.data, path=str(folder), val_problems=1, few_shot=0)
    return replace(DEFAULT, task="gsm8k", data=small, **changes)  # type: ignore[arg-type]


def model_folder(*names: str) -> Path:
    folder = Path("model")
    folder.mkdir()
    for name in names:
        (folder / name).write_text('{"architectures": ["LlamaForCausalLM"]}')
    if (weights := folder / "model.safetensors").exists():
        weights.write_bytes((2).to_bytes(8, "little") + b"{}")
    return folder


def test_the_committed_default_passes() -> None:
    checks.check(DEFAULT)


def test_data_that_is_there_passes(caplog: pytest.LogCaptureFixture) -> None:
    checks.check(gsm8k())
    with caplog.at_level(logging.WARNING):
        assert checks.check_data(gsm8k()) == "data/gsm8k, for task gsm8k"
    assert not caplog.records


# ---- data


def test_data_that_is_missing_is_named_with_its_source() -> None:
    missing = replace(DEFAULT, task="gsm8k", data=replace(DEFAULT.data, path="data/gsm9k"))
    with pytest.raises(DataError, match=r"data/gsm9k/train\.jsonl .*data\.path.*Get it from"):
        checks.check(missing)


def test_a_folder_that_only_dvc_wants_is_missed_too() -> None:
    with pytest.raises(DataError, match=r"data\.path: there is no elsewhere"):
        checks.check(replace(DEFAULT, data=replace(DEFAULT.data, path="elsewhere")))


def test_a_malformed_file_is_named_with_its_line() -> None:
    values = gsm8k()
    with Path("data/gsm8k/train.jsonl").open("a") as file:
        file.write('{"question": "cut')
    with pytest.raises(DataError, match=r"data/gsm8k/train\.jsonl:4: no JSON"):
        checks.check(values)


def test_of_large_files_only_the_start_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    values = gsm8k()
    Path("data/gsm8k/train.jsonl").write_text("not read")
    monkeypatch.setattr(checks, "MOST_BYTES", 1)
    checks.check(values)
    few = replace(values.data, few_shot=64)
    with pytest.raises(ParamsError, match=r"data\.few_shot must be <= \d+ for task gsm8k"):
        checks.check(replace(values, data=few))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"few_shot": 64}, r"data\.few_shot must be <= \d+, got 64|few_shot must be <= \d+ for"),
        ({"val_problems": 3}, r"data\.val_problems must be below 3"),
    ],
)
def test_sizes_that_the_data_cannot_give_are_refused(change: dict[str, int], message: str) -> None:
    values = gsm8k()
    with pytest.raises(ParamsError, match=message):
        checks.check(replace(values, data=replace(values.data, **change)))


def test_a_test_set_is_no_task_and_its_folder_must_have_its_name() -> None:
    with pytest.raises(ParamsError, match="task svamp is a test set"):
        checks.check(replace(DEFAULT, task="svamp"))
    Path("data/gsm8k/transfer/swamp").mkdir(parents=True)
    with pytest.raises(DataError, match=r"transfer/swamp: no task of that name"):
        checks.check(gsm8k())


# ---- reward


@pytest.mark.parametrize("task", ["math_world", "gsm8k"])
def test_a_reward_that_cannot_judge_the_task_is_refused(task: str) -> None:
    values = replace(gsm8k() if task == "gsm8k" else DEFAULT, reward="code")
    with pytest.raises(ParamsError, match=f"reward 'code' cannot judge task '{task}'"):
        checks.check(values)


# ---- replay


def replayed(iters: int = 1, folder: str = "data/replay") -> Params:
    return replace(
        DEFAULT, engine="replay", iters=iters, sample=replace(DEFAULT.sample, replay=folder)
    )


def test_recorded_completions_are_wanted_for_every_iteration() -> None:
    Path("data/replay/1.jsonl").write_text('{"problem_id": "p", "text": "x"}\n')
    checks.check(replayed())
    with pytest.raises(DataError, match=r"data/replay/2\{.*found none of them"):
        checks.check(replayed(2))


def test_recorded_completions_of_another_shape_are_refused_with_their_line() -> None:
    Path("data/replay/1.jsonl").write_text('{"id": "p", "completion": "x"}\n')
    with pytest.raises(DataError, match=r"data/replay/1\.jsonl:1: problem_id is missing"):
        checks.check(replayed())


@pytest.mark.parametrize("engine", ["hf", "replay"])
def test_the_folder_of_recorded_completions_must_be_there_as_dvc_wants_it(engine: str) -> None:
    with pytest.raises(DataError, match=r"sample\.replay: there is no folder typo"):
        checks.check(replace(replayed(folder="typo"), engine=engine))


# ---- model


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], r"model/config\.json is missing"),
        (["config.json"], "model has no weights"),
        (["config.json", "pytorch_model.bin", "tokenizer.json"], r"no \*\.safetensors"),
        (["config.json", "model.safetensors"], "has no tokenizer"),
    ],
)
def test_a_model_folder_that_lacks_something_is_refused(files: list[str], message: str) -> None:
    folder = model_folder(*files)
    with pytest.raises(EngineError, match=message):
        checks.check(replace(DEFAULT, model=str(folder)))


def test_a_model_folder_passes_unread() -> None:
    folder = model_folder("config.json", "model.safetensors", "tokenizer.json")
    assert checks.check_model(replace(DEFAULT, model=str(folder))).startswith("model, ")


def test_a_path_that_is_not_there_is_refused() -> None:
    with pytest.raises(EngineError, match=r"there is no folder /no/such \(params\.yaml\)\. Set it"):
        checks.check(replace(DEFAULT, model="/no/such"))


def test_a_name_on_the_hub_is_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    wanted = replace(DEFAULT, model="some/model")
    with pytest.raises(EngineError, match=r"`hf download some/model --local-dir FOLDER`"):
        checks.check(wanted)
    snapshot = tmp_path / "hub/models--some--model/snapshots/abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").touch()
    refs = tmp_path / "hub/models--some--model/refs/main"
    refs.parent.mkdir()
    refs.write_text("abc")
    with pytest.raises(EngineError, match=f"has it: set it to {snapshot}"):
        checks.check(wanted)


def test_a_tilde_is_not_filled_in() -> None:
    home = Path("~/model").expanduser()
    with pytest.raises(EngineError, match=f"~ is not filled in: set it to {home}"):
        checks.check(replace(DEFAULT, model="~/model"))


# ---- libraries


def changed(**keys: object) -> Params:
    """The default with dotted keys changed (`train__lora`)."""
    values = DEFAULT
    for key, value in keys.items():
        section, _, name = key.rpartition("__")
        part = {name: value}
        if section:
            part = {section: replace(getattr(values, section), **part)}
        values = replace(values, **part)  # type: ignore[arg-type]
    return values


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"engine": "vllm"}, "engine: vllm needs vllm"),
        ({"engine": "ray"}, "engine: ray needs ray"),
        ({"score__cluster": "ray"}, "score.cluster: ray needs ray"),
        ({"train__cluster": "ray"}, "train.cluster: ray needs ray"),
        ({"train__check_engine": "vllm"}, "train.check_engine: vllm needs vllm"),
        ({"train__deepspeed": "zero2"}, "train.deepspeed: zero2 needs deepspeed"),
        ({"train__lora": 4}, "train.lora: 4 needs peft"),
        ({"train__attention": checks.FLASH}, "flash_attention_2 needs flash-attn"),
    ],
)
def test_a_library_that_a_setting_needs_must_be_installed(
    monkeypatch: pytest.MonkeyPatch, keys: dict[str, object], message: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match=message):
        checks.check_installed(changed(**keys))
    assert checks.check_installed(DEFAULT) == "nothing more is needed"


@pytest.mark.parametrize("key", ["temperature", "eval__temperature", "eval__maj_temperature"])
def test_vllm_has_a_range_of_temperatures(key: str) -> None:
    hot = changed(**{key: 3.0})
    assert checks.check_temperature(hot)
    message = key.replace("__", r"\.") + r" must be 0\.01 to 2 for vLLM, got 3\.0"
    for values in (replace(hot, engine="vllm"), replace(hot, engine="ray")):
        values = replace(values, sample=replace(values.sample, ray_engine="vllm"))
        with pytest.raises(ParamsError, match=message):
            checks.check_temperature(values)


def test_what_is_made_needs_no_model_any_more(caplog: pytest.LogCaptureFixture) -> None:
    gone = replace(DEFAULT, model="/models/gone")
    checks.check(gone, settled=True)
    assert "there is no folder /models/gone" in caplog.text
    with pytest.raises(EngineError, match="there is no folder /models/gone"):
        checks.check(gone)
