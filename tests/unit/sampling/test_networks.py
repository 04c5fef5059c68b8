"""Both kinds of network give the logits of transformers, whatever is shared, padded or dropped."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tiny_models import NUM_WORDS, gpt2, llama, mistral, qwen2

from restem.sampling.decode import Network, common_prefix
from restem.sampling.generic import Generic
from restem.sampling.llama import Llama, is_plain_llama

LLAMAS: dict[str, dict[str, object]] = {
    "grouped heads": {},
    "one key-value head": {"num_attention_heads": 3, "num_key_value_heads": 1},
    "a key-value head each": {"num_key_value_heads": 4},
    "tied": {"tie_word_embeddings": True},
    "wide heads": {"head_dim": 20},
    "other rope base": {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
}
OTHERS: dict[str, Callable[[], Any]] = {
    "llama": llama,
    "gpt2": gpt2,
    "qwen2": qwen2,
    "mistral": mistral,
    "llama with rope scaling": lambda: llama(
        rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}
    ),
}


def test_common_prefix_leaves_a_token_to_everyone() -> None:
    assert common_prefix([[1, 2, 3, 4], [1, 2, 5], [1, 2, 3]]) == [1, 2]
    assert common_prefix([[1, 2], [1, 2, 3]]) == [1]
    assert common_prefix([[7, 8, 9]]) == [7, 8]
    assert common_prefix([[1], [2]]) == []


def largest_difference(model: Any, network: Network, prefix: int) -> float:
    """Relative to the largest logit, between the network's logits and those of whole sequences in
    float64, over a few steps with rows dropped."""
    rng = random.Random(0)
    start = [rng.randrange(4, NUM_WORDS) for _ in range(prefix)]
    texts = [start + [rng.randrange(4, NUM_WORDS) for _ in range(n)] for n in (3, 1, 8, 5)]
    copies, worst = [2, 3, 1, 2], 0.0
    rows = [list(t) for t, n in zip(texts, copies, strict=True) for _ in range(n)]
    exact = model.double()

    def compare(logits: Any) -> float:
        wanted = torch.stack([exact(torch.tensor([row])).logits[0, -1] for row in rows])
        return float((logits - wanted).abs().max() / wanted.abs().max())

    with torch.inference_mode():
        logits, batch = network.start(texts, copies, 6)
        for step in range(6):
            worst = max(worst, compare(logits))
            if step == 2:
                kept = torch.tensor([0, 7, 2, 6, 4])  # as after rows 1, 3 and 5 have finished
                rows = [rows[i] for i in kept]
                batch.keep(kept)
            new = [rng.randrange(4, NUM_WORDS) for _ in rows]
            rows = [[*row, token] for row, token in zip(rows, new, strict=True)]
            logits = batch.step(torch.tensor(new))
        return max(worst, compare(logits))


@pytest.mark.parametrize("prefix", [0, 20])
@pytest.mark.parametrize("changes", LLAMAS.values(), ids=LLAMAS)
def test_llama_equals_transformers(changes: dict[str, object], prefix: int) -> None:
    model = llama(**changes)
    assert is_plain_llama(model)
    assert largest_difference(llama(**changes), Llama(model), prefix) < 3e-6


@pytest.mark.parametrize("prefix", [0, 20])
@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
def test_generic_equals_transformers(make: Callable[[], Any], prefix: int) -> None:
    assert largest_difference(make(), Generic(make()), prefix) < 3e-6


@pytest.mark.parametrize(
    "changes",
    [
        {"attention_bias": True},
        {"mlp_bias": True},
        {"hidden_act": "gelu"},
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}},
        {"dtype": torch.bfloat16},
    ],
)
def test_llamas_with_extras_take_the_generic_path(changes: dict[str, object]) -> None:
    model = llama(**{k: v for k, v in changes.items() if k != "dtype"})
    assert not is_plain_llama(model.to(changes.get("dtype", torch.float32)))


def test_other_architectures_take_the_generic_path() -> None:
    assert not is_plain_llama(qwen2())
    assert not is_plain_llama(mistral())
