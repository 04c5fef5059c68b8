"""Pairs of ways to sample that must give the same."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_models import (
    END,
    GREEDY,
    ONE,
    PAD,
    SAMPLE,
    SAMPLED,
    TWO,
    drawn,
    gpt2,
    llama,
    mistral,
    prompts,
    qwen2,
    save,
    shards,
    word_tokenizer,
)

from restem.core.records import Problem
from restem.sampling.decode import complete
from restem.sampling.generic import Generic
from restem.sampling.hf import open_engine
from restem.sampling.loading import load_policy
from restem.sampling.shards import make_shards


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(llama(), word_tokenizer(), tmp_path_factory.mktemp("m") / "model")


def problems(count: int) -> list[Problem]:
    return [
        Problem(f"p{i}", "t", "train", "", 1, "", prompt, ("\n",), "{}", None)
        for i, prompt in enumerate(prompts(count))
    ]


def test_one_and_two_workers_give_the_same(folder: Path) -> None:
    work = list(make_shards(problems(12), 16, 32))
    with open_engine(folder, SAMPLE, ONE) as engine:
        one = {s.name: c for s, c in engine.generate(work, SAMPLED)}
    with open_engine(folder, SAMPLE, TWO) as engine:
        two = {s.name: c for s, c in engine.generate(work, SAMPLED)}
    assert one == two
    assert len(one) == len(work) > 5


def test_the_order_of_shards_does_not_matter(folder: Path) -> None:
    work = list(make_shards(problems(12), 16, 32))
    with open_engine(folder, SAMPLE, ONE) as engine:
        assert drawn(engine, work, SAMPLED) == drawn(engine, work[::-1], SAMPLED)


def test_32_samples_begin_with_the_16(folder: Path) -> None:
    with open_engine(folder, SAMPLE, ONE) as engine:
        few = drawn(engine, make_shards(problems(6), 16, 32), SAMPLED)
        many = drawn(engine, make_shards(problems(6), 32, 32), SAMPLED)
    assert {key: many[key] for key in few} == few
    assert len(many) == 2 * len(few)


def test_another_division_into_shards_gives_the_same_texts(folder: Path) -> None:
    with open_engine(folder, SAMPLE, ONE) as engine:
        small = drawn(engine, make_shards(problems(12), 8, 8), SAMPLED)
        large = drawn(engine, make_shards(problems(12)[::-1], 8, 1024), SAMPLED)
    assert {k: c.text for k, c in small.items()} == {k: c.text for k, c in large.items()}
    for key, c in small.items():
        assert c.logprob == pytest.approx(large[key].logprob, abs=1e-4)


@pytest.mark.parametrize("make", [llama, gpt2, qwen2, mistral])
def test_greedy_equals_transformers_generate_token_for_token(make: Any, folder: Path) -> None:
    model, tokenizer, policy = make(), word_tokenizer(), load_policy(folder)
    if make is not llama:
        policy = replace(policy, network=Generic(model))
    requests = [r for s in shards(9, last=1) for r in s.requests]
    for request, (ours,) in zip(requests, complete(policy, requests, GREEDY), strict=True):
        inputs = tokenizer(request.prompt, return_tensors="pt", return_token_type_ids=False)
        ids = model.generate(
            **inputs, do_sample=False, max_new_tokens=GREEDY.max_new_tokens, pad_token_id=PAD
        )[0, inputs["input_ids"].shape[1] :].tolist()
        ended = END in ids
        assert ours.num_tokens == len(ids)
        assert ours.finish_reason == ("stop" if ended else "length")
        assert ours.text == tokenizer.decode(ids, skip_special_tokens=True)


@pytest.mark.parametrize("sampling", [GREEDY, SAMPLED])
def test_the_fast_and_the_generic_path_give_the_same_texts(folder: Path, sampling: Any) -> None:
    fast = load_policy(folder)
    slow = replace(fast, network=Generic(llama()))
    requests = [r for s in shards(9, stop=("\n",)) for r in s.requests]
    for a, b in zip(
        complete(fast, requests, sampling), complete(slow, requests, sampling), strict=True
    ):
        assert [(c.text, c.num_tokens, c.finish_reason) for c in a] == [
            (c.text, c.num_tokens, c.finish_reason) for c in b
        ]


def test_sampling_leaves_the_global_random_state_alone(folder: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with open_engine(folder, SAMPLE, ONE) as engine:
        drawn(engine, shards(), SAMPLED)
    assert torch.equal(torch.get_rng_state(), before)
