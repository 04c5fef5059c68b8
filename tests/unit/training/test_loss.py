from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy
from training_jobs import MODELS, bloom, families, llama, mistral, mpt, rows, small, tokenizer

from restem.training.collate import collate, flex_mask, tree_mask
from restem.training.dataset import Row, encode, into_rows, shared_prefix
from restem.training.loss import can_branch, has_plain_cache, weighted_nll

EXAMPLES = encode(rows(6), tokenizer(), 64)[0]
ROWS = into_rows(EXAMPLES, 64, share=False)


def mamba() -> Any:
    return small("Mamba", intermediate_size=64, state_size=4, time_step_rank=4)


ALIKE = {"opt": lambda: small("OPT", ffn_dim=48, word_embed_proj_dim=32), **MODELS}


def test_the_loss_of_equal_weights_is_the_mean_cross_entropy_of_the_model() -> None:
    model, batch = llama(), collate(ROWS, 0, 0, "token")
    own = weighted_nll(model, batch, []) / batch["weights"].sum()
    labels = torch.full_like(batch["input_ids"], -100)
    for b, row in enumerate(ROWS):
        labels[b, len(row.prompt) : row.length] = torch.tensor(row.solutions[0])
    theirs = model(input_ids=batch["input_ids"], labels=labels).loss
    torch.testing.assert_close(own, theirs)


def test_normalized_by_solution_the_loss_is_the_weighted_mean_over_solutions() -> None:
    model, given = llama(), encode(families(2, 3), tokenizer(), 64)[0]
    means, weights = [], []
    for example in given:
        ids = torch.tensor([example.input_ids])
        logits = model(input_ids=ids).logits[0, example.num_prompt - 1 : -1]
        means.append(cross_entropy(logits, ids[0, example.num_prompt :]))
        weights.append(example.weight)
    by_hand = sum(w * m for w, m in zip(weights, means, strict=True)) / sum(weights)
    for share in (False, True):
        some = into_rows(given, 64, share)
        nll = weighted_nll(model, collate(some, 0, 0, "solution"), [])
        torch.testing.assert_close(nll / sum(row.mass("solution") for row in some), by_hand)


def test_padding_changes_nothing() -> None:
    model = llama()
    together = weighted_nll(model, collate(ROWS, 0, 0, "token"), [])
    alone = sum(weighted_nll(model, collate([row], 0, 0, "token"), []) for row in ROWS)
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize("prefix", [[], [4, 7, 8]])
def test_no_rows_have_loss_0_and_a_gradient_of_0_for_every_weight(prefix: list[int]) -> None:
    model = llama()
    loss = weighted_nll(model, collate([], len(prefix), 0, "token"), prefix)
    assert loss.item() == 0
    loss.backward()
    for weight in model.parameters():
        assert weight.grad is not None
        assert not weight.grad.any()


@pytest.mark.parametrize("name", ALIKE)
def test_a_model_of_the_usual_kind_can_branch(name: str) -> None:
    model = ALIKE[name]()
    assert has_plain_cache(model)
    assert can_branch(model, "sdpa")


@pytest.mark.parametrize("model", [mistral, mamba])
def test_a_sliding_window_or_a_state_is_no_plain_cache_and_does_not_branch(
    model: Callable[[], Any],
) -> None:
    assert not has_plain_cache(model())
    assert not can_branch(model(), "sdpa")


@pytest.mark.parametrize("model", [bloom, mpt])
def test_a_model_that_counts_distances_itself_does_not_branch(model: Callable[[], Any]) -> None:
    assert not can_branch(model(), "sdpa")


def test_attention_that_takes_no_mask_of_ours_does_not_branch() -> None:
    assert not can_branch(llama(), "eager")
    assert not can_branch(llama(), "flash_attention_2")


def test_a_model_that_ignores_positions_or_masks_is_found_out() -> None:
    class Deaf(type(llama())):  # type: ignore[misc]
        def forward(self, *args: Any, position_ids: Any = None, **kwargs: Any) -> Any:
            kwargs.pop(self.deaf_to, None)
            positions = None if self.deaf_to == "position_ids" else position_ids
            return super().forward(*args, position_ids=positions, **kwargs)

    for deaf_to in ("position_ids", "attention_mask"):
        torch.manual_seed(0)
        model = Deaf(llama().config)
        torch.nn.init.normal_(model.model.embed_tokens.weight)  # attends to something
        for name, weight in model.named_parameters():
            if "q_proj" in name or "k_proj" in name:
                torch.nn.init.normal_(weight, std=0.3)
        model.deaf_to = "nothing"
        assert can_branch(model, "sdpa")
        model.deaf_to = deaf_to
        assert not can_branch(model, "sdpa"), deaf_to


@pytest.mark.filterwarnings("ignore:.*flex_attention:UserWarning")  # it is slow uncompiled
@pytest.mark.filterwarnings("ignore:.*_compile flag:DeprecationWarning")
def test_flex_attention_branches_like_sdpa() -> None:
    """Uncompiled: compiled for CPUs it gives other numbers, whereupon `can_branch` says no."""
    from torch.nn.attention.flex_attention import flex_attention
    from torch.nn.functional import scaled_dot_product_attention

    tree = Row([5, 6], ([7] * 40, [9] * 50), (1.0, 2.0), "")
    segments = collate([tree], 0, 0, "token")["segments"]
    keys = tree.length + 3  # three of a prefix
    query = torch.randn(1, 2, tree.length, 16)
    key, value = torch.randn(1, 2, keys, 16), torch.randn(1, 2, keys, 16)
    flex = flex_attention(query, key, value, block_mask=flex_mask(segments, 3))
    sdpa = scaled_dot_product_attention(query, key, value, attn_mask=tree_mask(segments, 3))
    torch.testing.assert_close(flex, sdpa)


@pytest.mark.parametrize("training", [True, False])
def test_asking_leaves_the_model_and_the_random_state_alone(training: bool) -> None:
    model, before = llama(attention_dropout=0.5).train(training), torch.get_rng_state()
    assert can_branch(model, "sdpa")
    assert model.training is training
    assert torch.equal(before, torch.get_rng_state())
    assert all(weight.grad is None for weight in model.parameters())


def test_a_prefix_is_computed_once_for_all_rows() -> None:
    model, seen = llama(), []
    prefix = shared_prefix(EXAMPLES)
    model.model.embed_tokens.register_forward_hook(
        lambda module, args, out: seen.append(tuple(args[0].shape))
    )
    batch = collate(ROWS, len(prefix), 0, "token")
    weighted_nll(model, batch, prefix)
    assert seen == [(1, len(prefix)), tuple(batch["input_ids"].shape)]
