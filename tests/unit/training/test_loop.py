import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from training_jobs import (
    SHOTS,
    by_weights,
    contents,
    families,
    job,
    rows,
    scripted,
    silent,
    tokenizer,
)

from restem.core.errors import SandboxError
from restem.core.records import TrainRow
from restem.training.loop import train

pytestmark = pytest.mark.slow  # trains models
LORA: dict[str, Any] = {"lora": 4, "freeze_embeddings": False}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    loaded: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return loaded


def test_training_stops_after_patience_and_exports_the_best(tmp_path: Path, policy: Path) -> None:
    seen: list[bytes] = []
    rewards = scripted([0.2, 0.5, 0.5, 0.4])

    def validate(folder: Path) -> float:
        seen.append((folder / "model.safetensors").read_bytes())
        return rewards(folder)

    result = train(job(tmp_path, policy, patience=1), validate, silent)
    assert [check["reward"] for check in result.checks] == [0.2, 0.5, 0.5, 0.4]
    assert (result.best_step, result.best_reward) == (result.checks[1]["step"], 0.5)
    assert result.num_updates == result.checks[-1]["step"]
    assert (tmp_path / "out/model.safetensors").read_bytes() == seen[1]
    assert len(set(seen)) == 4


def test_min_updates_outlast_patience(tmp_path: Path, policy: Path) -> None:
    falling = [0.9 - i / 10 for i in range(6)]
    result = train(job(tmp_path, policy, patience=0, min_updates=10), scripted(falling), silent)
    assert result.num_updates == min(c["step"] for c in result.checks if c["step"] >= 10)
    assert result.best_step == result.checks[0]["step"]


def test_training_ends_after_max_epochs_of_the_job(tmp_path: Path, policy: Path) -> None:
    steps: list[tuple[int, int]] = []
    result = train(
        job(tmp_path, policy, max_epochs=2),
        scripted([0.1, 0.2, 0.3, 0.4]),
        lambda done, total, live: steps.append((done, total)),
    )
    total = result.num_updates
    assert steps == [(done, total) for done in range(1, total + 1)]
    assert result.checks[-1] == {"step": total, "epoch": 2.0, "reward": 0.4}


def test_the_result_counts_rows_and_tokens(tmp_path: Path, policy: Path) -> None:
    overlong = replace(rows()[0], completion="w1 " * 80)
    result = train(
        job(tmp_path, policy, rows=[*rows(), overlong], max_epochs=1), by_weights, silent
    )
    words = tokenizer()
    lengths = [len(words(row.completion)["input_ids"]) + 1 for row in rows()]
    prompts = [len(words(row.prompt)["input_ids"]) for row in rows()]
    assert (result.num_rows, result.num_overlong) == (24, 1)
    assert result.target_tokens == sum(lengths)
    assert result.tokens == sum(lengths) + sum(prompts)
    assert result.row_tokens == result.tokens


def test_a_prompt_counts_once_a_row(tmp_path: Path, policy: Path) -> None:
    some = families(4, 3)
    shared, plain = (
        train(
            job(tmp_path / str(share), policy, rows=some, max_epochs=1, share_prompts=share),
            by_weights,
            silent,
        )
        for share in (True, False)
    )
    words = tokenizer()
    prompts = [len(words(row.prompt)["input_ids"]) for row in some[::3]]
    assert (shared.num_rows, shared.tokens) == (plain.num_rows, plain.tokens)
    assert plain.row_tokens == plain.tokens
    assert shared.row_tokens == shared.target_tokens + sum(prompts)
    assert shared.num_updates < plain.num_updates


def test_the_cost_says_where_the_time_went(tmp_path: Path, policy: Path) -> None:
    result = train(job(tmp_path, policy, max_epochs=2), by_weights, silent)
    seconds, cost = result.cost["seconds"], result.cost
    assert isinstance(seconds, dict)
    assert {"load", "update", "save", "check", "export"} <= set(seconds)
    assert all(value >= 0 for value in seconds.values())
    assert float(str(cost["peak_mb"])) > 50
    words = tokenizer()
    prefix = len(words(f"{SHOTS} Problem:")["input_ids"])
    assert cost["tokens"] == 2 * (result.row_tokens - 24 * prefix)


def test_the_curve_has_every_update_of_a_short_training(tmp_path: Path, policy: Path) -> None:
    result = train(job(tmp_path, policy), by_weights, silent)
    assert [point["step"] for point in result.curve] == list(range(1, result.num_updates + 1))
    assert result.curve[-1]["epoch"] == 3.0
    assert result.curve[-1]["loss"] < result.curve[0]["loss"]
    rates = [point["learning_rate"] for point in result.curve]
    assert rates.index(max(rates)) == round(0.1 * len(rates)) - 1
    assert max(rates) == 5e-3
    assert rates[-1] == pytest.approx(0.05 * 5e-3)


def test_progress_tells_loss_and_last_reward(tmp_path: Path, policy: Path) -> None:
    texts: list[str] = []
    train(
        job(tmp_path, policy, max_epochs=1),
        scripted([0.25, 0.5]),
        lambda done, total, live: texts.append(live),
    )
    assert texts[0].startswith("loss 3.")
    assert "D_val" not in texts[0]
    assert texts[-1].endswith("D_val 25.0%")


@pytest.mark.parametrize("frozen", [True, False])
def test_embeddings_move_only_if_they_may(tmp_path: Path, policy: Path, frozen: bool) -> None:
    train(job(tmp_path, policy, freeze_embeddings=frozen, max_epochs=1), by_weights, silent)
    before, after = weights(policy), weights(tmp_path / "out")
    same = {name: torch.equal(before[name], after[name]) for name in before}
    assert same.pop("model.embed_tokens.weight") is frozen
    assert not any(same.values())


def test_a_solution_and_its_end_are_learnt(tmp_path: Path, policy: Path) -> None:
    from transformers import AutoModelForCausalLM

    prompt = f"{SHOTS} Problem: w1 Solution:"
    task = [TrainRow(prompt, "w2 w3 .", 1.0, "p", f"s{i}") for i in range(8)]
    train(job(tmp_path, policy, rows=task, max_epochs=30, lr=0.01), lambda _: 0.5, silent)
    assert (tmp_path / "out").is_dir()
    last = sorted((tmp_path / "work").glob("checkpoint-*"), key=lambda p: int(p.name[11:]))[-1]
    model, words = AutoModelForCausalLM.from_pretrained(last), tokenizer()
    inputs = words(prompt, return_tensors="pt", return_token_type_ids=False)
    drawn = model.generate(**inputs, max_new_tokens=8, do_sample=False)[0]
    assert words.decode(drawn) == f"{prompt} w2 w3 . <eos>"


@pytest.mark.parametrize("changes", [{}, LORA])
def test_a_finished_training_is_only_exported_again(
    tmp_path: Path, policy: Path, changes: dict[str, Any]
) -> None:
    def never(*told: Any) -> float:
        raise AssertionError("nothing is left to do")

    first = train(job(tmp_path, policy, **changes), by_weights, silent)
    files = contents(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    assert train(job(tmp_path, policy, **changes), never, never) == first  # type: ignore[arg-type]
    assert contents(tmp_path / "out") == files


def test_the_exported_folder_tells_the_settings_of_the_base(tmp_path: Path, policy: Path) -> None:
    train(job(tmp_path, policy, max_epochs=1), by_weights, silent)
    before, after = contents(policy), contents(tmp_path / "out")
    for name in ("config.json", "generation_config.json", "tokenizer.json"):
        assert after[name] == before[name]
    assert set(after) == {*before, "README.md"}
    assert not any(str(tmp_path).encode() in data for data in after.values())
    assert b"| train.max_epochs | `1` |" in after["README.md"]


def test_the_number_of_threads_is_put_back(tmp_path: Path, policy: Path) -> None:
    used: list[int] = []
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train(
            job(tmp_path, policy, max_epochs=1),
            by_weights,
            lambda done, total, live: used.append(torch.get_num_threads()),
        )
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(used) == {1}


@pytest.mark.parametrize(
    "changes", [{}, LORA, {"precision": "bf16", "gradient_checkpointing": True}]
)
def test_training_prints_nothing(
    tmp_path: Path, policy: Path, capfd: pytest.CaptureFixture[str], changes: dict[str, Any]
) -> None:
    train(job(tmp_path, policy, max_epochs=1, **changes), by_weights, silent)
    assert capfd.readouterr() == ("", "")


def test_a_check_that_fails_is_all_that_is_done_again(tmp_path: Path, policy: Path) -> None:
    def broken(folder: Path) -> float:
        raise SandboxError("the verifier is broken")

    straight = train(job(tmp_path / "a", policy, max_epochs=1), by_weights, silent)
    wanted, seen = job(tmp_path / "b", policy, max_epochs=1), list[int]()
    with pytest.raises(SandboxError):
        train(wanted, broken, silent)
    again = train(wanted, by_weights, lambda done, total, live: seen.append(done))
    assert again == straight
    assert seen[0] == straight.checks[0]["step"] + 1
    assert contents(tmp_path / "b/out") == contents(tmp_path / "a/out")


def test_passes_without_rows_are_told(
    tmp_path: Path, policy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(job(tmp_path / "a", policy, max_epochs=1), by_weights, silent)
    assert caplog.text == ""
    train(job(tmp_path / "b", policy, max_epochs=1, accumulate=8), by_weights, silent)
    assert "% of the passes have no row: lower train.accumulate (8)" in caplog.text


def test_rows_that_cannot_be_shared_are_told(
    tmp_path: Path, policy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(job(tmp_path / "a", policy, max_epochs=1, attention="eager"), by_weights, silent)
    assert "each has a row of its own" in caplog.text
    caplog.clear()
    unasked = job(tmp_path / "b", policy, max_epochs=1, attention="eager", share_prompts=False)
    train(unasked, by_weights, silent)
    assert caplog.text == ""
