from typing import Any

import pytest
import torch
from training_jobs import llama, rows, tokenizer

from restem.training.dataset import collate, encode, shared_prefix
from restem.training.loss import can_share, weighted_nll

EXAMPLES = encode(rows(6), tokenizer(), 64)[0]


def test_the_loss_of_equal_weights_is_the_mean_cross_entropy_of_the_model() -> None:
    model = llama()
    batch: dict[str, Any] = collate(list(enumerate(EXAMPLES)), 0, 0)
    own = weighted_nll(model, batch, []) / batch["target_weight"]
    theirs = model(input_ids=batch["input_ids"], labels=batch["labels"]).loss
    torch.testing.assert_close(own, theirs)


def test_padding_changes_nothing() -> None:
    model = llama()
    together = weighted_nll(model, collate(list(enumerate(EXAMPLES)), 0, 0), [])
    alone = sum(weighted_nll(model, collate([(0, e)], 0, 0), []) for e in EXAMPLES)
    torch.testing.assert_close(together, alone)


def test_a_plain_cache_can_be_shared() -> None:
    assert can_share(llama(), shared_prefix(EXAMPLES))


def test_nothing_is_shared_without_a_prefix() -> None:
    assert not can_share(llama(), [])


def test_nothing_is_shared_under_gradient_checkpointing() -> None:
    model = llama()
    model.gradient_checkpointing_enable()
    assert not can_share(model, shared_prefix(EXAMPLES))


def test_nothing_is_shared_with_a_sliding_window() -> None:
    from transformers import MistralConfig, MistralForCausalLM

    settings = llama().config.to_dict()
    settings = {key: settings[key] for key in ("vocab_size", "hidden_size", "intermediate_size")}
    config = MistralConfig(
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        sliding_window=4,
        **settings,
    )
    assert not can_share(MistralForCausalLM(config), shared_prefix(EXAMPLES))


@pytest.mark.parametrize("training", [True, False])
def test_asking_leaves_the_model_and_the_random_state_alone(training: bool) -> None:
    model, before = llama(attention_dropout=0.5).train(training), torch.get_rng_state()
    can_share(model, shared_prefix(EXAMPLES))
    assert model.training is training
    assert torch.equal(before, torch.get_rng_state())
