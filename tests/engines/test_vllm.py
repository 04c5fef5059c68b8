"""Engine `vllm` on the CPU, against engine `hf` and against itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_models import GREEDY, ONE, SAMPLE, SAMPLED, STOP, chunks, drawn, shards

from restem.core.errors import EngineError
from restem.core.protocols import Engine, Request, Sampling, Shard
from restem.core.records import Completion
from restem.sampling import hf, vllm

pytestmark = pytest.mark.slow
pytest.importorskip("vllm", reason="`make engines` installs vLLM")
Drawn = dict[tuple[str, int], Completion]


@pytest.fixture(scope="module")
def engine(folder: Path, sampled: Drawn) -> Iterator[Engine]:
    """Opened after the one that drew `sampled` is closed."""
    with vllm.open_engine(folder, SAMPLE, ONE) as opened:
        yield opened


def test_greedy_texts_are_those_of_hf(engine: Engine, folder: Path) -> None:
    work = [*shards(48, STOP, last=1), *shards(12, (), last=1)]
    with hf.open_engine(folder, SAMPLE, ONE) as reference:
        for part in (work[:24], work[24:]):
            expected, found = drawn(reference, part, GREEDY), drawn(engine, part, GREEDY)
            assert found.keys() == expected.keys()
            for key, one in expected.items():
                assert replace(found[key], logprob=0) == replace(one, logprob=0)
                assert found[key].logprob == pytest.approx(one.logprob, abs=1e-3)
            assert {one.finish_reason for one in found.values()} == {"stop", "length"}


def test_the_log_probability_is_that_of_hf(engine: Engine, folder: Path, sampled: Drawn) -> None:
    """Of the unmodified distribution, whatever temperature and top-k it was drawn with."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompts = {r.problem_id: r.prompt for s in chunks() for r in s.requests}
    checked = 0
    for (problem_id, _), one in sampled.items():
        prompt = tokenizer(prompts[problem_id])["input_ids"]
        ids = tokenizer(one.text)["input_ids"]
        if len(ids) != one.num_tokens:
            continue  # a stop string and special tokens are no part of the text
        with torch.inference_mode():
            logits = model(torch.tensor([prompt + ids])).logits[0].double().log_softmax(-1)
        rows = torch.arange(len(prompt) - 1, len(prompt) + len(ids) - 1)
        assert one.logprob == pytest.approx(float(logits[rows, torch.tensor(ids)].sum()), abs=1e-3)
        checked += 1
    assert checked > 10


def test_samples_differ_and_stop(sampled: Drawn) -> None:
    assert len(sampled) == 12 * 16
    assert len({one.text for one in sampled.values()}) > 150
    assert not any(s in one.text for one in sampled.values() for s in STOP)
    assert {one.finish_reason for one in sampled.values()} == {"stop", "length"}


@pytest.mark.parametrize("size", [1, 3, 12])
def test_other_shards_give_the_same_samples(engine: Engine, sampled: Drawn, size: int) -> None:
    assert drawn(engine, chunks(size=size), SAMPLED) == sampled


def test_other_company_and_order_give_the_same_samples(engine: Engine, sampled: Drawn) -> None:
    crowd = [replace(s, name=f"x{s.name}") for s in shards(40, (), 0, 8, 1)]
    crowd = [
        replace(s, requests=tuple(replace(r, problem_id=f"x{r.problem_id}") for r in s.requests))
        for s in crowd
    ]
    mixed = [shard for pair in zip(crowd, chunks(size=1)[::-1], strict=False) for shard in pair]
    found = drawn(engine, mixed, SAMPLED)
    assert {key: one for key, one in found.items() if key in sampled} == sampled
    for shard in chunks(size=1)[:2]:
        assert drawn(engine, [shard], SAMPLED).items() <= sampled.items()


def test_another_seed_draws_others(engine: Engine, sampled: Drawn) -> None:
    found = drawn(engine, chunks(), replace(SAMPLED, seed=8))
    assert sum(found[key].text == one.text for key, one in sampled.items()) < 40


def test_shards_are_taken_as_there_is_room(engine: Engine) -> None:
    """Thousands of rows wait, but only as many are asked for as fit into the batch twice."""
    asked = 0

    def endless() -> Iterator[Shard]:
        nonlocal asked
        while True:
            asked += 1
            yield from shards(8, STOP, 0, 8, 8)

    stream = engine.generate(endless(), SAMPLED)
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # a generator
    assert 2 <= asked * 64 <= 1024
    assert drawn(engine, shards(2, STOP, last=1), GREEDY)


def test_no_shard_is_no_work(engine: Engine) -> None:
    assert list(engine.generate([], GREEDY)) == []


def test_where_the_time_went_is_told(engine: Engine) -> None:
    assert set(engine.timing) == {"start", "load"}
    assert engine.timing["load"] > 0


# ---- what goes wrong


def long(words: int) -> list[Shard]:
    return [Shard("s", (Request("p9", "Problem:" + " w9" * words, (), 0, 1),))]


def draws(engine: Engine, work: Iterable[Shard], sampling: Sampling = GREEDY) -> None:
    list(engine.generate(work, sampling))


def test_a_prompt_longer_than_the_context_is_named(engine: Engine) -> None:
    with pytest.raises(EngineError, match=r"problem p9: 121 prompt tokens \+ max_new_tokens 24"):
        draws(engine, long(120))
    assert drawn(engine, shards(2, STOP, last=1), GREEDY), "the engine goes on"


def test_an_impossible_temperature_is_refused(engine: Engine) -> None:
    with pytest.raises(EngineError, match=r"temperatures of 0\.01 to 2 or 0, got 3"):
        draws(engine, chunks(), replace(SAMPLED, temperature=3.0))
