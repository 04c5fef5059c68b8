"""Tokens per CPU-second of the engines on the embedded world, one thread each, in one run: `vllm`
against bare `LLM.generate` with the same requests, and against `hf` and `transformers.generate`.

    PYTHONPATH=src python benchmarks/engines.py               # models/0, of `dvc repro base`
    PYTHONPATH=src python benchmarks/engines.py FOLDER        # another base model of the world

All draw 32 samples (T 0.7, top-k 40) of at most 90 tokens for the same prompts, in turns. Bare vLLM
gets token ids, the same SamplingParams and options, all at once; `generate` gets batches of 16
prompts, 8 samples each, and a static cache, its best in benchmarks/sampler.py, and knows no stop
strings, so it draws on where a model does not end by itself. Tokens are counted up to and including
the ending one. Starting and loading are not counted.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sampler import SAMPLING, Generate, rate

from restem.core import params, plugins
from restem.core.protocols import Engine, Shard
from restem.core.records import Problem
from restem.sampling import hf, vllm
from restem.sampling.shards import make_shards

if TYPE_CHECKING:
    from vllm import LLM

NUM_PROBLEMS, NUM_SAMPLES, BATCH_ROWS, REPEATS = 64, 32, 512, 3


def problems() -> list[Problem]:
    """The first training problems of the world, with their real prompts."""
    values = params.load()
    return plugins.load("task", values.task).problems(values.data)["train"][:NUM_PROBLEMS]


def shards(found: list[Problem]) -> Iterator[Shard]:
    return make_shards(found, NUM_SAMPLES, BATCH_ROWS)


def drawn(engine: Engine, found: list[Problem]) -> int:
    """Tokens."""
    return sum(
        one.num_tokens
        for _, completions in engine.generate(shards(found), SAMPLING)
        for row in completions
        for one in row
    )


class Bare:
    """`LLM.generate` with the requests of the engine."""

    def __init__(self, model_dir: Path, engine: Any, found: list[Problem]) -> None:
        self.llm = start(model_dir)
        tokenizer = self.llm.get_tokenizer()
        requests = [request for shard in shards(found) for request in shard.requests]
        self.prompts = [{"prompt_token_ids": tokenizer(r.prompt)["input_ids"]} for r in requests]
        self.sampling = [engine._params(request, SAMPLING) for request in requests]

    def __call__(self) -> int:
        outputs = self.llm.generate(self.prompts, self.sampling, use_tqdm=False)
        return sum(len(one.token_ids) for output in outputs for one in output.outputs)


def start(model_dir: Path) -> LLM:
    """vLLM on a CPU as `vllm_loading.py` sets it up."""
    from vllm import LLM

    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    return LLM(
        str(model_dir), dtype="float32", enforce_eager=True, enable_chunked_prefill=False,
        max_model_len=-1, kv_cache_memory_bytes=2**30, block_size=32, seed=0,
        generation_config="vllm", use_tqdm_on_load=False,
    )  # fmt: skip


def compare(model_dir: Path) -> dict[str, list[float]]:
    """Rates by engine, one for each repeat."""
    found, values = problems(), params.load()
    machine = replace(values.machine, workers=1, kv_cache_gb=0)
    generate, prompts = Generate(model_dir), [p.prompt for p in found] * (NUM_SAMPLES // 8)
    with ExitStack() as stack:
        served = stack.enter_context(vllm.open_engine(model_dir, values.sample, machine))
        ours = stack.enter_context(hf.open_engine(model_dir, values.sample, machine))
        bare = Bare(model_dir, served, found)
        ways: dict[str, Callable[[], int]] = {
            "engine `vllm`": lambda: drawn(served, found),
            "bare `LLM.generate`": bare,
            "engine `hf`": lambda: drawn(ours, found),
            "`transformers.generate`": lambda: generate(prompts, 16, "static"),
        }
        for draw in ways.values():
            draw()  # warm caches of prefixes for both, and memory
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(REPEATS):
            for name, draw in ways.items():
                rates[name].append(rate(draw))
    return rates


def main(model_dir: str = "models/0") -> None:
    """Measure and print a Markdown table."""
    import torch
    from transformers.utils import logging as logging_of_transformers

    if not (Path(model_dir) / "config.json").exists():
        raise SystemExit(f"{model_dir} is no model folder; `dvc repro base` makes models/0")
    torch.set_num_threads(1)
    logging_of_transformers.disable_progress_bar()
    logging.disable(logging.WARNING)
    rates = compare(Path(model_dir))
    first = next(iter(rates.values()))
    print("| engine | tokens per CPU-second | `vllm` / this, median of the repeats (range) |")
    print("|---|--:|--:|")
    for name, each in rates.items():
        ratios = [a / b for a, b in zip(first, each, strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} – {max(ratios):.2f})"
        print(f"| {name} | {statistics.median(each):,.0f} | {spread} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
