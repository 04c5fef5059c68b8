"""Tiny random models with a tokenizer, made on the spot, for tests of the engines.

`python tiny_models.py FOLDER` samples from FOLDER with two workers without end and prints their
process ids.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from settings import machine, sample

from restem.core.protocols import Request, Sampling, Shard

NUM_WORDS, END, PAD, NEWLINE, FINAL = 60, 0, 1, 2, 3
GREEDY = Sampling(temperature=0.0, top_k=0, top_p=1.0, max_new_tokens=24, seed=0)
SAMPLED = Sampling(temperature=0.9, top_k=20, top_p=0.95, max_new_tokens=24, seed=7)
SAMPLE = sample(top_k=20, top_p=0.95, max_new_tokens=24, batch_rows=32, replay="")
ONE, TWO = machine(workers=1), machine(workers=2)


def word_tokenizer() -> Any:
    """Words w4 .. w59, a newline and "Problem:", joined without spaces; <end> and <pad> are
    special."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<end>", "<pad>", "\n", "Problem:", *(f" w{i}" for i in range(4, NUM_WORDS))]
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token=" w4"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r" w\d+|\n|Problem:|."), "isolated")
    inner.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<pad>")


def byte_tokenizer() -> Any:
    """One token per byte, so that most characters beyond ASCII are made of several tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = ["<end>", "<pad>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    inner = Tokenizer(models.BPE({c: i for i, c in enumerate(letters)}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<pad>")


_LLAMA_LIKE: dict[str, Any] = {
    "vocab_size": NUM_WORDS,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "bos_token_id": None,
    "eos_token_id": END,
    "pad_token_id": PAD,
    "tie_word_embeddings": False,
}


def llama(**changes: object) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return _loud(LlamaForCausalLM, LlamaConfig(**{**_LLAMA_LIKE, **changes}))


def qwen2(**changes: object) -> Any:
    """With biases in attention."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    return _loud(Qwen2ForCausalLM, Qwen2Config(**{**_LLAMA_LIKE, **changes}))


def mistral(**changes: object) -> Any:
    """With a sliding window shorter than the prompts."""
    from transformers import MistralConfig, MistralForCausalLM

    values = {**_LLAMA_LIKE, "sliding_window": 12, **changes}
    return _loud(MistralForCausalLM, MistralConfig(**values))


def gpt2(**changes: object) -> Any:
    """With learned positions."""
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes: dict[str, Any] = {"n_embd": 48, "n_layer": 2, "n_head": 4, "n_positions": 128}
    ids = {"bos_token_id": END, "eos_token_id": END, "pad_token_id": PAD}
    return _loud(GPT2LMHeadModel, GPT2Config(vocab_size=NUM_WORDS, **{**sizes, **ids, **changes}))


def _loud(kind: Any, config: Any) -> Any:
    """Weights large enough that the most likely token is clear and texts differ."""
    import torch

    torch.manual_seed(0)
    model = kind(config).eval()
    for weight in model.parameters():
        if weight.ndim == 2:
            weight.data.normal_(0, 0.15)
    model.get_output_embeddings().weight.data *= 3
    return model


def save(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def prompts(count: int) -> list[str]:
    """A common beginning and questions of 1 to 9 words."""
    start = "Problem: w5 w6 w7\n w8 w9\nProblem:"
    return [
        start + "".join(f" w{4 + (7 * i + j) % 56}" for j in range(1 + i % 9)) for i in range(count)
    ]


def shards(
    count: int = 6, stop: tuple[str, ...] = (), first: int = 0, last: int = 4, size: int = 2
) -> list[Shard]:
    requests = [Request(f"p{i}", p, stop, first, last) for i, p in enumerate(prompts(count))]
    return [
        Shard(f"s{start}", tuple(requests[start : start + size])) for start in range(0, count, size)
    ]


STOP = (" w7", "\n w8", "Problem:")


def chunks(count: int = 12, size: int = 4) -> list[Shard]:
    """16 samples of each problem, in chunks of 8."""
    return [
        replace(shard, name=f"{first}-{shard.name}")
        for first in (0, 8)
        for shard in shards(count, STOP, first, first + 8, size)
    ]


def drawn(engine: Any, work: list[Shard], sampling: Sampling) -> dict[tuple[str, int], Any]:
    """Completions by (problem_id, sample_index)."""
    return {
        (request.problem_id, request.first + i): completion
        for shard, completions in engine.generate(work, sampling)
        for request, row in zip(shard.requests, completions, strict=True)
        for i, completion in enumerate(row)
    }


def main(folder: str) -> None:
    import itertools
    import multiprocessing

    from restem.sampling.hf import open_engine

    with open_engine(Path(folder), SAMPLE, TWO) as engine:
        for _ in itertools.count():
            for _ in engine.generate(shards(), SAMPLED):
                sys.stdout.write(f"{[p.pid for p in multiprocessing.active_children()]}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
