"""Tokens per CPU-second of engine `hf` against `transformers.generate` at its best, one thread
each, in one run.

    PYTHONPATH=src python benchmarks/sampler.py                  # random weights, two sizes
    PYTHONPATH=src python benchmarks/sampler.py models/0         # a model folder

Both draw 8 samples of up to 90 tokens (T 0.7, top-k 40) for the same prompts, two worked problems
and a question each, whose solutions have mixed lengths. `generate` is first tried with 1, 4, 8 and
16 prompts a batch and both kinds of cache; the best of these then competes in interleaved repeats.
Tokens are counted up to and including the ending one.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from restem.core import params
from restem.core.protocols import Engine, Sampling
from restem.core.records import Problem
from restem.sampling.hf import open_engine
from restem.sampling.shards import make_shards

NUM_SAMPLES, MAX_NEW_TOKENS, BATCH_ROWS = 8, 90, 512
SIZES = {
    "d 96, 3 layers": {"hidden_size": 96, "num_hidden_layers": 3, "intermediate_size": 256,
                       "num_attention_heads": 3, "num_key_value_heads": 1},
    "d 256, 4 layers": {"hidden_size": 256, "num_hidden_layers": 4, "intermediate_size": 1024,
                        "num_attention_heads": 4, "num_key_value_heads": 4},
}  # fmt: skip
VOCABULARY, NUM_ENDS = 600, 12  # 2 % of the tokens end a text: lengths from 1 to 90
SAMPLING = Sampling(temperature=0.7, top_k=40, top_p=1.0, max_new_tokens=MAX_NEW_TOKENS, seed=0)


def random_model(folder: Path, size: dict[str, int]) -> None:
    """A Llama with random weights, sharp enough to be sampled like a trained one, and its
    tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.08,
        bos_token_id=None,
        eos_token_id=list(range(NUM_ENDS)),
        pad_token_id=NUM_ENDS,
        **size,
    )
    model = LlamaForCausalLM(config)
    model.model.norm.weight.data *= 40 / size["hidden_size"] ** 0.5
    model.save_pretrained(folder)
    words = {f"w{i}": i for i in range(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=f"w{NUM_ENDS}"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=f"w{NUM_ENDS}")
    wrapped.save_pretrained(folder)


def prompts_for(model_dir: Path, num_problems: int) -> list[str]:
    """Two worked problems of about 35 tokens each, the same for all, and a question of about 25."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_dir, local_files_only=True)
    special = set(tokenizer.all_special_ids) | set(range(NUM_ENDS))
    words = [w for w, i in sorted(tokenizer.get_vocab().items()) if i not in special]
    rng = random.Random(0)
    shots = " ".join(rng.choices(words, k=70))
    questions = (rng.choices(words, k=rng.randint(18, 32)) for _ in range(num_problems))
    return [f"{shots} {' '.join(question)}" for question in questions]


def ours(engine: Engine, prompts: list[str]) -> int:
    """Tokens drawn."""
    problems = [
        Problem(f"p{i:04d}", "bench", "train", "", 0, "", prompt, (), "{}", None)
        for i, prompt in enumerate(prompts)
    ]
    shards = list(make_shards(problems, NUM_SAMPLES, BATCH_ROWS))
    return sum(
        completion.num_tokens
        for _, completions in engine.generate(shards, SAMPLING)
        for row in completions
        for completion in row
    )


class Generate:
    """`transformers.generate` over batches of prompts."""

    def __init__(self, model_dir: Path) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.model = AutoModelForCausalLM.from_pretrained(model_dir, local_files_only=True).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(model_dir, local_files_only=True)
        self.tokenizer.padding_side = "left"
        ends = self.model.generation_config.eos_token_id
        self.ends = ends if isinstance(ends, list) else [ends]

    def __call__(self, prompts: list[str], batch: int, cache: str | None) -> int:
        """Tokens drawn; cache: "static" or None for the default."""
        import torch

        total, ends = 0, torch.tensor(self.ends)
        for start in range(0, len(prompts), batch):
            inputs = self.tokenizer(
                prompts[start : start + batch], return_tensors="pt", padding=True
            )
            inputs.pop("token_type_ids", None)
            rows = self.model.generate(
                **inputs, do_sample=True, temperature=0.7, top_k=40, top_p=1.0,
                num_return_sequences=NUM_SAMPLES, max_new_tokens=MAX_NEW_TOKENS,
                pad_token_id=self.tokenizer.pad_token_id, cache_implementation=cache,
            )[:, inputs["input_ids"].shape[1] :]  # fmt: skip
            before = torch.isin(rows, ends).cumsum(-1) - torch.isin(rows, ends).long()
            total += int((before == 0).sum())
        return total


def rate(draw: Callable[[], int]) -> float:
    """Tokens per CPU-second of this process."""
    start = time.process_time()
    tokens = draw()
    return tokens / (time.process_time() - start)


def compare(model_dir: Path, num_problems: int = 64, repeats: int = 3) -> dict[str, Any]:
    """Median rates of both, and their ratio."""
    import torch

    prompts = prompts_for(model_dir, num_problems)
    generate = Generate(model_dir)
    values = params.load()
    with open_engine(model_dir, values.sample, replace(values.machine, workers=1)) as engine:
        torch.manual_seed(0)
        ways = [(batch, cache) for batch in (1, 4, 8, 16) for cache in (None, "static")]
        pilot = {way: rate(partial(generate, prompts[:16], *way)) for way in ways}
        best = max(pilot, key=lambda way: pilot[way])
        ours(engine, prompts[:8])
        rates = [
            (rate(partial(ours, engine, prompts)), rate(partial(generate, prompts, *best)))
            for _ in range(repeats)
        ]
    fast, slow = (statistics.median(column) for column in zip(*rates, strict=True))
    return {
        "ours": fast,
        "generate": slow,
        "ratio": statistics.median(a / b for a, b in rates),
        "ratios": [a / b for a, b in rates],
        "best": f"{best[0]} prompts a batch, {best[1] or 'dynamic'} cache",
        "pilot": {f"{b} {c or 'dynamic'}": round(r) for (b, c), r in pilot.items()},
    }


def main(model_dir: str | None = None) -> dict[str, dict[str, Any]]:
    """Measure, print a Markdown table, and return its numbers."""
    import torch
    from transformers.utils import logging

    torch.set_num_threads(1)
    logging.disable_progress_bar()
    results = {}
    if model_dir:
        results[model_dir] = compare(Path(model_dir))
    else:
        for name, size in SIZES.items():
            with tempfile.TemporaryDirectory() as folder:
                random_model(Path(folder), size)
                results[name] = compare(Path(folder))
    print("| model | hf, tokens/CPU-s | generate, tokens/CPU-s | ratio | generate is best with |")
    print("|---|---|---|---|---|")
    for name, r in results.items():
        print(
            f"| {name} | {r['ours']:,.0f} | {r['generate']:,.0f} | {r['ratio']:.1f} | {r['best']} |"
        )
    return results


if __name__ == "__main__":
    main(*sys.argv[1:])
