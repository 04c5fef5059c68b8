"""Examples per CPU-second of the M-step against Hugging Face's Trainer and TRL's SFTTrainer, one
thread each, in one run, in turns.

    PYTHONPATH=src python benchmarks/trainer.py            # what was run here, else random ids
    PYTHONPATH=src python benchmarks/trainer.py FOLDER     # another run: its models/0, on the rows
                                                           # that its first iteration keeps

All train the same model on the same token ids, with as many examples an update, the optimizer,
schedule and clipping of params.yaml, and neither checkpointing nor validation in what is timed:
CPU seconds between the ends of updates, after the first ones of an epoch. The peers see one row per
example, padded to the longest of its batch, and a loss on the solution alone. Before anything is
timed, one update on some of the examples must give the same loss and gradient norm in every form.

The curve is a model of 4 layers and width 128, solutions of 48 tokens, K behind each prompt, and no
two prompts that begin alike: all that is saved is saved by shared rows.
"""

from __future__ import annotations

import logging
import math
import os
import random
import statistics
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from trainer_peers import SEED, Case, Outcome, Way, hugging_face, outcome, trl

from restem.core import layout, params, storage
from restem.core.records import TrainRow
from restem.training import checkpoints
from restem.training.batches import Updates
from restem.training.dataset import Example, encode, into_rows, shared_prefix
from restem.training.fit import fit
from restem.training.job import Job
from restem.training.loop import no_bars, one_thread
from restem.training.meter import Meter
from restem.training.model import load_tokenizer

REPEATS, CHECKED, VOCABULARY = 3, 24, 1024
NUM_EXAMPLES = 600  # of a run
RESEARCH = {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 8}
SMALL = {"hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4}
PROMPTS, SOLUTION, KS = (32, 128, 512), 48, (1, 4, 10)  # of the curve, in tokens


# ---- the ways to train


def ours(case: Case, share: bool) -> Outcome:
    """By `restem.training`, as the stage calls it; writing the checkpoint comes after the last
    update and is not timed."""
    tokenizer, ends = load_tokenizer(case.model_dir)[1], list[float]()
    rows = into_rows(case.examples, case.train.max_length, share)
    skip = len(shared_prefix(case.examples))
    budget = budget_for([row.length - skip for row in rows], case.updates)
    train = replace(case.train, share_prompts=share, batch_tokens=budget)
    with tempfile.TemporaryDirectory(prefix="restem-trainer-") as name:
        job = Job(case.model_dir, "", Path(name, "out"), Path(name, "work"), [], train, 1, SEED)
        plan = fit(job, list(case.examples), tokenizer, None, lambda _: 0.0,
                   lambda *_: ends.append(time.process_time()), Meter())  # fmt: skip
        state = checkpoints.state(checkpoints.folder(job.work_dir, plan.num_updates))
    assert (max(len(row.solutions) for row in plan.rows) > 1) <= share
    updates = plan.updates.in_epoch(0)
    sizes = [sum(len(plan.rows[row].solutions) for row in update) for update in updates]
    return outcome(case, sizes, ends, plan.loss, state["log_history"][-1]["grad_norm"])


def budget_for(lengths: Sequence[int], updates: int) -> int:
    """The least train.batch_tokens with which an epoch has no more updates than that."""

    def few_enough(budget: int) -> bool:
        return Updates(lengths, budget, SEED).per_epoch <= updates

    low, high = max(lengths), max(lengths) * len(lengths)
    return low + bisect_left(range(low, high), True, key=few_enough)


def no_prefix(case: Case) -> Case:
    """The same, but one example begins with another token, so that not all share a prefix."""
    first, *others = case.examples
    changed = replace(first, input_ids=[first.input_ids[1], *first.input_ids[1:]])
    assert not shared_prefix([changed, *others])
    return replace(case, examples=[changed, *others])


def uncached(case: Case) -> Outcome:
    """A row per example, on examples that do not all begin alike."""
    return ours(no_prefix(case), share=False)


# ---- what they train on


def of_run(folder: Path) -> Case:
    """The first examples that a run keeps in its first iteration, and as many of them in an update
    as it has with shared rows."""
    train, model_dir = params.load().train, folder / layout.model("0")
    tokenizer = load_tokenizer(model_dir)[1]
    rows = storage.read_rows("train", folder / layout.train_rows("1"))
    examples, _ = encode(
        [TrainRow(**row) for row in rows[:NUM_EXAMPLES]], tokenizer, train.max_length
    )
    shared = into_rows(examples, train.max_length, share=True)
    skip = len(shared_prefix(examples))
    updates = Updates([row.length - skip for row in shared], train.batch_tokens, SEED).per_epoch
    return Case(model_dir, examples, train, updates, warm_up=3)


def synthetic(
    model_dir: Path, num: int, k: int, prompt: int, solution: int, batch: int, prefix: int = 0
) -> Case:
    """Random token ids: K solutions behind each prompt, all prompts with one beginning."""
    rng = random.Random(SEED)
    common, examples = rng.choices(range(4, VOCABULARY), k=prefix), list[Example]()
    for number in range(num):
        if number % k == 0:
            # the first token of its own differs from prompt to prompt
            ids = [*common, 4 + number, *rng.choices(range(4, VOCABULARY), k=prompt - prefix - 1)]
        target = [*rng.choices(range(4, VOCABULARY), k=solution - 1), 0]
        examples.append(Example([*ids, *target], prompt, 1.0, f"p{number // k}"))
    train = replace(params.load().train, max_length=4096)
    return Case(model_dir, examples, train, round(num / batch), warm_up=1)


def random_model(folder: Path, size: dict[str, int]) -> Path:
    """A Llama with random weights, and a tokenizer that only knows how to end and pad."""
    import torch
    from tokenizers import Tokenizer, models
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=VOCABULARY, max_position_embeddings=4096, tie_word_embeddings=True,
        intermediate_size=4 * size["hidden_size"], bos_token_id=None, eos_token_id=0,
        pad_token_id=1, **size,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({"<end>": 0, "<pad>": 1}, unk_token="<pad>"))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="<end>", pad_token="<pad>"
    )
    tokenizer.save_pretrained(folder)
    return folder


# ---- the tables


def check(case: Case, ways: dict[str, Way]) -> None:
    """Like is compared with like: one update on all of a few examples."""
    few = replace(case, examples=case.examples[:CHECKED], updates=1, warm_up=0)
    found = {name: way(few) for name, way in ways.items()}
    for name, one in found.items():
        for other in found.values():
            assert abs(one.loss - other.loss) < 1e-4, (name, found)
            assert math.isclose(one.norm, other.norm, rel_tol=1e-3), (name, found)


def measure(runs: dict[str, Callable[[], Outcome]]) -> dict[str, list[float]]:
    """Rates, one for each repeat, in turns."""
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(REPEATS):
        for name, run in runs.items():
            rates[name].append(run().rate)
    return rates


def ratio(above: Sequence[float], below: Sequence[float]) -> str:
    """Median of the repeats, and their range."""
    found = [a / b for a, b in zip(above, below, strict=True)]
    return f"{statistics.median(found):.2f} ({min(found):.2f} – {max(found):.2f})"


def main_table(case: Case) -> None:
    """All ways on one case."""
    shared, peer = "ours, shared rows", "Trainer of transformers"
    ways: dict[str, Way] = {
        shared: partial(ours, share=True),
        "ours, a row per example": partial(ours, share=False),
        "ours, a row per example, no prefix cached": uncached,
        peer: hugging_face,
        "Trainer, like lengths together": partial(hugging_face, grouped=True),
        "SFTTrainer of TRL": trl,
    }
    check(case, {name: way for name, way in ways.items() if way is not uncached})
    check(no_prefix(case), ways)
    rates = measure({name: partial(way, case) for name, way in ways.items()})
    print(describe(case))
    print(
        "\n| trainer | examples per CPU-second | this / Trainer (range) | shared / this (range) |"
    )
    print("|---|--:|--:|--:|")
    for name, each in rates.items():
        print(f"| {name} | {statistics.median(each):,.1f} | {ratio(each, rates[peer])} | "
              f"{ratio(rates[shared], each)} |", flush=True)  # fmt: skip


def describe(case: Case) -> str:
    """In numbers."""
    prompt = statistics.fmean(e.num_prompt for e in case.examples)
    target = statistics.fmean(e.num_targets for e in case.examples)
    num, num_prompts = len(case.examples), len({e.problem_id for e in case.examples})
    return (
        f"{num} examples, {prompt:.0f} prompt tokens ({len(shared_prefix(case.examples))} of them "
        f"the same in all) and {target:.0f} target tokens in the mean, prompt share "
        f"{prompt / (prompt + target):.2f}, K = {num / num_prompts:.1f}; {case.batch} an update."
    )


def curve(model_dir: Path) -> None:
    """Shared rows against Trainer, which is the same for every K: all its rows are as long."""
    print("\n| prompt tokens (share) | " + " | ".join(f"K = {k}" for k in KS) + " |")
    print("|--:|" + "--:|" * len(KS))
    for prompt in PROMPTS:
        cases = {f"{k}": synthetic(model_dir, 80, k, prompt, SOLUTION, batch=20) for k in KS}
        for case in cases.values():
            check(case, {"ours": partial(ours, share=True), "peer": hugging_face})
        runs = {k: partial(ours, case, share=True) for k, case in cases.items()}
        rates = measure({**runs, "peer": partial(hugging_face, cases[f"{KS[0]}"])})
        share = prompt / (prompt + SOLUTION)
        cells = " | ".join(ratio(rates[k], rates["peer"]) for k in cases)
        print(f"| {prompt} ({share:.2f}) | {cells} |", flush=True)


def main(run: str = ".") -> None:
    """Measure and print two Markdown tables."""
    from datasets import disable_progress_bars

    disable_progress_bars()
    logging.disable(logging.WARNING)
    folder, load_before = Path(run), os.getloadavg()[0]
    with one_thread(), no_bars(), tempfile.TemporaryDirectory(prefix="restem-trainer-") as name:
        if (folder / layout.train_rows("1")).exists() and (folder / layout.model("0")).is_dir():
            main_table(of_run(folder))
        elif run == ".":
            model_dir = random_model(Path(name, "research"), RESEARCH)
            main_table(synthetic(model_dir, 60, 10, 243, 43, batch=20, prefix=211))
        else:
            raise SystemExit(f"{run} has no {layout.model('0')} or no {layout.train_rows('1')}")
        curve(random_model(Path(name, "small"), SMALL))
    print(f"\nLoad {load_before:.1f} at the start, {os.getloadavg()[0]:.1f} at the end.")


if __name__ == "__main__":
    main(*sys.argv[1:])
