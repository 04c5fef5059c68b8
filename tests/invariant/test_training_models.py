"""Trainings of parts of a model, and of models that cannot do everything."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from training_jobs import (
    bloom,
    by_weights,
    contents,
    families,
    gpt2,
    job,
    llama,
    mistral,
    mpt,
    save_policy,
    silent,
    small,
    tokenizer,
)

from restem.training.loop import Result, train

pytestmark = pytest.mark.slow  # trains models
LORA: dict[str, Any] = {"lora": 4, "freeze_embeddings": False}


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_policy(tmp_path_factory.mktemp("policy") / "tiny")


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory, policy: Path) -> tuple[Path, Result]:
    """Trained with adapters; tests only read it."""
    folder = tmp_path_factory.mktemp("adapted")
    result = train(job(folder, policy, rows=families(8, 3), **LORA), by_weights, silent)
    return folder, result


def logits(model: Any) -> torch.Tensor:
    ids = tokenizer()("Problem: w1 w2 Solution: w3", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        found: torch.Tensor = model.eval()(input_ids=ids).logits
    return found


def test_adapters_learn(adapted: tuple[Path, Result]) -> None:
    curve = adapted[1].curve
    assert curve[-1]["loss"] < curve[0]["loss"]


def test_adapters_change_linear_layers_and_nothing_else(
    policy: Path, adapted: tuple[Path, Result]
) -> None:
    before = load_file(policy / "model.safetensors")
    after = load_file(adapted[0] / "out/model.safetensors")
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "_proj." in name}


def test_what_adapters_add_has_their_rank(policy: Path, adapted: tuple[Path, Result]) -> None:
    before = load_file(policy / "model.safetensors")
    after = load_file(adapted[0] / "out/model.safetensors")
    name = "model.layers.0.mlp.up_proj.weight"
    sizes = torch.linalg.svdvals(after[name] - before[name])
    assert sizes[3] > 1e-4 * sizes[0] > sizes[4]


def assert_is_base_with_adapter(out: Path, init_dir: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(init_dir)
    of_base = logits(base)
    both = logits(PeftModel.from_pretrained(base, out / "adapter"))
    whole = logits(AutoModelForCausalLM.from_pretrained(out))
    torch.testing.assert_close(whole, both, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(whole, of_base, atol=1e-2)
    assert AutoTokenizer.from_pretrained(out).eos_token == "<eos>"


def test_the_exported_model_is_the_base_with_the_exported_adapter(
    policy: Path, adapted: tuple[Path, Result]
) -> None:
    assert_is_base_with_adapter(adapted[0] / "out", policy)


def test_an_adapter_names_its_base_and_no_path(adapted: tuple[Path, Result]) -> None:
    files = contents(adapted[0] / "out")
    assert {"adapter/adapter_config.json", "adapter/adapter_model.safetensors"} <= set(files)
    assert b'"base_model_name_or_path": "tiny-test"' in files["adapter/adapter_config.json"]
    assert not any(str(adapted[0].parent).encode() in data for data in files.values())


def test_without_lora_there_is_no_adapter(tmp_path: Path, policy: Path) -> None:
    train(job(tmp_path, policy, max_epochs=1), by_weights, silent)
    assert not (tmp_path / "out/adapter").exists()


def test_equal_jobs_with_lora_give_equal_bytes(
    tmp_path: Path, policy: Path, adapted: tuple[Path, Result]
) -> None:
    again = train(job(tmp_path, policy, rows=families(8, 3), **LORA), by_weights, silent)
    assert again == adapted[1]
    assert contents(tmp_path / "out") == contents(adapted[0] / "out")


def save(model: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set:UserWarning")
def test_adapters_fit_layers_that_are_stored_turned_round(tmp_path: Path) -> None:
    init_dir = save(gpt2(), tmp_path / "gpt2")
    result = train(job(tmp_path, init_dir, rows=families(6, 2), **LORA), by_weights, silent)
    assert result.curve[-1]["loss"] < result.curve[0]["loss"]
    assert_is_base_with_adapter(tmp_path / "out", init_dir)


def falcon() -> Any:
    return small("Falcon", alibi=True, multi_query=False, hidden_dropout=0.0, attention_dropout=0.0)


@pytest.mark.parametrize(
    ("model", "attention"),
    [(mistral, "sdpa"), (bloom, "eager"), (mpt, "eager"), (falcon, "sdpa"), (llama, "eager")],
)
def test_a_model_that_cannot_branch_is_trained_on_rows_of_one_solution(
    tmp_path: Path, model: Callable[[], Any], attention: str
) -> None:
    init_dir = save(model(), tmp_path / "init")
    same = {"rows": families(6, 2), "attention": attention}
    wanted = train(job(tmp_path / "a", init_dir, **same), by_weights, silent)
    assert wanted.row_tokens == wanted.tokens
    assert wanted.curve[-1]["loss"] < wanted.curve[0]["loss"]
    plain = train(job(tmp_path / "b", init_dir, share_prompts=False, **same), by_weights, silent)
    assert wanted == plain


def test_the_linear_schedule_falls_evenly_to_0(tmp_path: Path, policy: Path) -> None:
    result = train(job(tmp_path, policy, schedule="linear", lr=0.01), by_weights, silent)
    rates = [point["learning_rate"] for point in result.curve]
    top = rates.index(max(rates))
    assert rates[top] == 0.01
    assert top in (1, 2)  # a tenth of 18 updates
    falls = [a - b for a, b in zip(rates[top:], [*rates[top + 1 :], 0.0], strict=True)]
    assert falls == pytest.approx([0.01 / len(falls)] * len(falls))


def test_the_constant_schedule_stays_at_its_peak(tmp_path: Path, policy: Path) -> None:
    result = train(job(tmp_path, policy, schedule="constant", lr=0.01), by_weights, silent)
    rates = [point["learning_rate"] for point in result.curve]
    top = rates.index(max(rates))
    assert top in (1, 2)  # a tenth of 18 updates
    assert rates[:top] == sorted(set(rates[:top]))
    assert set(rates[top:]) == {0.01}


@pytest.mark.parametrize("changes", [{}, LORA])
def test_rounded_weights_are_exported_and_exact_ones_are_kept(
    tmp_path: Path, policy: Path, changes: dict[str, Any]
) -> None:
    wanted = job(tmp_path, policy, precision="bf16", max_epochs=1, **changes)
    result = train(wanted, by_weights, silent)
    best = tmp_path / f"work/checkpoint-{result.best_step}"
    kept = load_file((best / "merged" if changes else best) / "model.safetensors")
    rounded = load_file(tmp_path / "out/model.safetensors")
    assert {weight.dtype for weight in kept.values()} == {torch.float32}
    assert kept.keys() == rounded.keys()
    assert all(torch.equal(kept[name].bfloat16(), rounded[name]) for name in kept)
    settings = json.loads((tmp_path / "out/config.json").read_text())
    assert settings["dtype"] == "bfloat16"
