from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
import torch
from tiny_models import END, GREEDY, SAMPLED, llama, prompts, save, word_tokenizer

from restem.core.errors import EngineError
from restem.core.protocols import Request, Shard
from restem.sampling.decode import Policy, complete, complete_shard
from restem.sampling.loading import load_policy


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return load_policy(save(llama(), word_tokenizer(), tmp_path_factory.mktemp("m") / "model"))


def ask(stop: tuple[str, ...] = (), last: int = 6) -> list[Request]:
    return [Request(f"p{i}", p, stop, 0, last) for i, p in enumerate(prompts(8))]


def test_texts_end_at_the_end_token_or_at_max_new_tokens(policy: Policy) -> None:
    rows = [c for row in complete(policy, ask(), SAMPLED) for c in row]
    assert {c.finish_reason for c in rows} == {"stop", "length"}
    for c in rows:
        words = len(policy.tokenizer(c.text).input_ids)
        assert "<end>" not in c.text
        if c.finish_reason == "length":
            assert c.num_tokens == SAMPLED.max_new_tokens
        else:
            assert words <= c.num_tokens - 1  # special tokens inside are left out of the text


def test_an_end_token_that_is_no_special_token_is_not_part_of_the_text(policy: Policy) -> None:
    ending = replace(policy, end_ids=(END, *range(20, 30)))
    texts = [c.text for row in complete(ending, ask(), SAMPLED) for c in row]
    assert not any(f" w{i}" in text for text in texts for i in range(20, 30))


def test_stop_strings_cut_what_would_have_been_drawn_without_them(policy: Policy) -> None:
    stop = ("\n", " w7 ", "Problem:")
    free = complete(policy, ask(), SAMPLED)
    cut = complete(policy, ask(stop), SAMPLED)
    changed = 0
    for before, after in zip(chain(*free), chain(*cut), strict=True):
        ends = [at for s in stop if (at := before.text.find(s)) >= 0]
        assert after.text == (before.text[: min(ends)] if ends else before.text)
        assert after.finish_reason == ("stop" if ends else before.finish_reason)
        changed += bool(ends)
    assert changed > 5


def test_logprob_is_the_sum_over_the_generated_tokens(policy: Policy) -> None:
    model, checked = llama(), 0
    for request, row in zip(ask(), complete(policy, ask(), SAMPLED), strict=True):
        prompt = policy.tokenizer(request.prompt).input_ids
        for c in row:
            answer = policy.tokenizer(c.text).input_ids + [END] * (c.finish_reason == "stop")
            if len(answer) == c.num_tokens:  # no special token inside that the text leaves out
                ids = torch.tensor([prompt + answer])
                logprobs = model(ids).logits[0].log_softmax(-1)[len(prompt) - 1 : -1]
                wanted = logprobs.gather(-1, ids[0, len(prompt) :, None]).sum().item()
                assert c.logprob == pytest.approx(wanted, abs=1e-3)
                checked += 1
    assert checked > 20


def test_requests_may_ask_for_different_numbers_of_samples(policy: Policy) -> None:
    whole = complete(policy, ask(), SAMPLED)
    parts = [replace(r, first=i % 3, last=3 + i % 4) for i, r in enumerate(ask())]
    for request, row, all_of_it in zip(parts, complete(policy, parts, SAMPLED), whole, strict=True):
        assert [c.text for c in row] == [c.text for c in all_of_it[request.first : request.last]]


def test_a_prompt_that_leaves_no_room_names_its_problem(policy: Policy) -> None:
    requests = [*ask(), Request("long one", " w5" * 110, (), 0, 1)]
    with pytest.raises(EngineError, match=r"long one: 110 prompt tokens .* 24 .*context of 128"):
        complete(policy, requests, SAMPLED)


def test_a_prompt_without_tokens_names_its_problem(policy: Policy) -> None:
    with pytest.raises(EngineError, match="empty one"):
        complete(policy, [Request("empty one", "", (), 0, 1)], SAMPLED)


@pytest.mark.parametrize("sampling", [GREEDY, SAMPLED])
def test_a_model_that_diverged_is_an_error(tmp_path: Path, sampling: object) -> None:
    model = llama()
    model.lm_head.weight.data.fill_(torch.nan)
    policy = load_policy(save(model, word_tokenizer(), tmp_path / "model"))
    with pytest.raises(EngineError, match=r"shard x: .*diverged"):
        complete_shard(policy, Shard("x", tuple(ask())), sampling)  # type: ignore[arg-type]  # a test table
