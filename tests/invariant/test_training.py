"""Pairs of trainings, or of losses, that must be equal."""

import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import training_jobs
from training_jobs import by_weights, contents, job, llama, rows, save_policy, silent, tokenizer

from restem.core.records import TrainRow
from restem.training import trainer
from restem.training.checks import check_steps
from restem.training.dataset import Batches, collate, encode, shared_prefix
from restem.training.loop import load, train
from restem.training.loss import can_share, weighted_nll
from restem.training.plan import Plan
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


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_policy(tmp_path_factory.mktemp("policy") / "tiny")


def other_models() -> dict[str, Any]:
    """Architectures that treat positions and heads in other ways than Llama."""
    from transformers import GPT2Config, GPT2LMHeadModel, Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    qwen = Qwen2Config(
        vocab_size=31, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=False,
    )  # fmt: skip
    ids = {"bos_token_id": 0, "eos_token_id": 0}
    drop = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    gpt2 = GPT2Config(vocab_size=31, n_embd=32, n_layer=2, n_head=2, n_positions=64, **drop, **ids)
    return {"llama": llama(), "qwen2": Qwen2ForCausalLM(qwen), "gpt2": GPT2LMHeadModel(gpt2)}


def loss_and_gradients(
    model: Any, some: list[TrainRow], prefix_too: bool
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    examples, _ = encode(some, tokenizer(), 64)
    prefix = shared_prefix(examples) if prefix_too else []
    batch: dict[str, Any] = collate(list(enumerate(examples)), len(prefix), 0)
    loss = weighted_nll(model, batch, prefix) / batch["target_weight"]
    return loss.detach(), list(torch.autograd.grad(loss, list(model.parameters())))


@pytest.mark.parametrize("name", ["llama", "qwen2", "gpt2"])
def test_a_shared_prefix_is_the_same_as_whole_rows(name: str) -> None:
    model = other_models()[name].train()
    weighted = [replace(row, weight=0.5 + i) for i, row in enumerate(rows(6))]
    assert can_share(model, shared_prefix(encode(weighted, tokenizer(), 64)[0]))
    whole, whole_gradients = loss_and_gradients(model, weighted, prefix_too=False)
    shared, shared_gradients = loss_and_gradients(model, weighted, prefix_too=True)
    assert abs(float(whole - shared)) < 1e-5
    for a, b in zip(whole_gradients, shared_gradients, strict=True):
        assert float((a - b).norm()) <= 1e-5 * float(a.norm())


def assert_same_step(some: list[TrainRow], others: list[TrainRow]) -> None:
    model = llama().train()
    loss, gradients = loss_and_gradients(model, some, prefix_too=True)
    other_loss, other_gradients = loss_and_gradients(model, others, prefix_too=True)
    torch.testing.assert_close(loss, other_loss)
    torch.testing.assert_close(gradients, other_gradients)


def test_a_row_of_weight_2_is_the_row_twice() -> None:
    a, b, c = rows(3)
    assert_same_step([a, replace(b, weight=2.0), c], [a, b, b, c])


def test_a_row_of_weight_0_is_none() -> None:
    a, b, c = rows(3)
    assert_same_step([a, replace(b, weight=0.0), c], [a, c])


def test_a_weight_common_to_all_rows_cancels() -> None:
    assert_same_step([replace(row, weight=3.0) for row in rows(3)], rows(3))


def test_training_with_rows_of_weight_0_is_training_without_them(
    tmp_path: Path, policy: Path
) -> None:
    padded = [row for pair in zip(rows(), rows(), strict=True) for row in pair]
    padded = [replace(row, weight=float(i % 2)) for i, row in enumerate(padded)]
    train(job(tmp_path / "a", policy, rows=padded), by_weights, silent)
    train(job(tmp_path / "b", policy), by_weights, silent)
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
    monkeypatch.setattr(trainer, "CURVE_POINTS", 4)  # a point every 5 updates, a check every 3
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


class Recorded(Batches):
    """Remembers which epochs were drawn."""

    def __init__(self, *args: Any) -> None:
        self.drawn: list[int] = []
        super().__init__(*args)

    def in_epoch(self, epoch: int) -> list[list[int]]:
        self.drawn.append(epoch)
        return super().in_epoch(epoch)


def recorded_plan(folder: Path, on_step: Any) -> Plan:
    examples, _ = encode(rows(), tokenizer(), 64)
    batches = Recorded([len(e.input_ids) for e in examples], 100, 0)
    batches.drawn.clear()
    steps = frozenset(check_steps(len(batches), 3, 2))
    settings = training_jobs.TRAIN
    return Plan("key", folder, settings, 3, examples, [], batches, steps, by_weights, on_step)


def test_trainer_draws_each_epoch_in_its_own_order(tmp_path: Path, policy: Path) -> None:
    model, words = load(policy)
    plan = recorded_plan(tmp_path, silent)
    build(model, words, plan, 0).train()
    assert plan.batches.drawn == [0, 1, 2]  # type: ignore[attr-defined]


def test_trainer_goes_on_in_the_epoch_it_was_in(tmp_path: Path, policy: Path) -> None:
    num_batches = len(recorded_plan(tmp_path, silent).batches)
    middle = num_batches + round(num_batches / 2)
    with pytest.raises(Stop):
        build(*load(policy), recorded_plan(tmp_path, interrupted(middle + 1)), 0).train()
    plan = recorded_plan(tmp_path, silent)
    build(*load(policy), plan, 0).train(str(tmp_path / f"checkpoint-{middle}"))
    assert plan.batches.drawn == [1, 2]  # type: ignore[attr-defined]


@pytest.mark.slow
def test_killed_and_resumed_is_straight(tmp_path: Path) -> None:
    script = Path(training_jobs.__file__)
    subprocess.run([sys.executable, script, tmp_path, "straight", *KILLS], check=True, timeout=300)
    straight = tmp_path / "straight"
    for kill in KILLS:
        place = tmp_path / kill.replace("/", "_")
        assert contents(place / "out") == contents(straight / "out"), kill
        assert json.loads((place / "result.json").read_text()) == json.loads(
            (straight / "result.json").read_text()
        ), kill
    first = [int((tmp_path / kill.replace("/", "_") / "first").read_text()) for kill in KILLS]
    assert first == [1, 4, 7, 4, 7, 7, 0]  # it went on from the last complete checkpoint
