"""Tiny policies and training jobs for the tests, and a program that is killed while it trains.

`python training_jobs.py DIR CHANGES POINT...` trains the same job, with CHANGES as JSON, once for
every point: a first process is SIGKILLed there, a second one finishes and writes its result to
DIR/POINT/result.json.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from restem.core.params import Train
from restem.core.records import TrainRow
from restem.training.job import Job
from restem.training.loop import train

WORDS = [f"w{i}" for i in range(24)]
SHOTS = "Problem: w1 w2 w3 Solution: w4 w5 . Problem: w2 w2 w7 Solution: w9 w5 ."
TRAIN = Train(
    lr=5e-3,
    weight_decay=0.01,
    warmup_ratio=0.1,
    schedule="cosine",
    max_epochs=3,
    min_updates=0,
    checks_per_epoch=2,
    patience=100,
    check_engine="hf",
    batch_tokens=40,
    normalize="token",
    share_prompts=True,
    max_length=64,
    max_overlong=0.1,
    freeze_embeddings=True,
    lora=0,
    precision="fp32",
    attention="sdpa",
    accumulate=1,
    gradient_checkpointing=False,
    compile=False,
    processes=1,
    cluster="local",
    deepspeed="off",
    offload=False,
)


def tokenizer(bos: bool = False) -> Any:
    """Word level, one token a word; `bos` puts <bos> before every text as many chat models do."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["<eos>", "<pad>", "<unk>", "<bos>", "Problem:", "Solution:", ".", *WORDS]
    vocabulary = {word: i for i, word in enumerate(words)}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if bos:
        core.post_processor = processors.TemplateProcessing(
            single="<bos> $A", special_tokens=[("<bos>", 3)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="<eos>", pad_token="<pad>", unk_token="<unk>"
    )


def llama(**changes: Any) -> Any:
    """A random Llama with 2 layers."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    settings = {
        "vocab_size": 31,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 128,
        "tie_word_embeddings": True,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": 1,
    }
    return LlamaForCausalLM(LlamaConfig(**{**settings, **changes}))


def save_policy(folder: Path, **changes: Any) -> Path:
    llama(**changes).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def gpt2() -> Any:
    """With learned positions and one matrix for queries, keys and values."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    ids = {"bos_token_id": 0, "eos_token_id": 0}
    drop = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}
    return GPT2LMHeadModel(GPT2Config(vocab_size=31, **sizes, **drop, **ids))


def small(kind: str, **settings: Any) -> Any:
    """A random model of a kind (`Mistral`) in the size of the Llama."""
    import torch
    import transformers

    torch.manual_seed(0)
    sizes = {"vocab_size": 31, "num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 32}
    ids = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
    config = getattr(transformers, f"{kind}Config")(**{**sizes, **ids, **settings})
    return getattr(transformers, f"{kind}ForCausalLM")(config)


def qwen2() -> Any:
    """With biases in attention and an output matrix of its own."""
    sizes = {"intermediate_size": 48, "num_key_value_heads": 1}
    return small("Qwen2", tie_word_embeddings=False, **sizes)


def mistral() -> Any:
    """With a sliding window shorter than the prompts."""
    return small("Mistral", intermediate_size=48, num_key_value_heads=1, sliding_window=4)


def bloom() -> Any:
    """With distances counted from key to query (ALiBi); it knows no positions."""
    return small("Bloom")


def mpt() -> Any:
    return small("Mpt", d_model=32, n_layers=2, n_heads=2)


MODELS = {"llama": llama, "qwen2": qwen2, "gpt2": gpt2}


def rows(count: int = 24) -> list[TrainRow]:
    """Few-shot prompts with a common beginning, solutions of 2 to 5 tokens."""
    made = []
    for i in range(count):
        question = " ".join(WORDS[(i * k + k) % 24] for k in (1, 5, 7))
        solution = " ".join(WORDS[(i + k) % 24] for k in range(2 + i % 4))
        prompt = f"{SHOTS} Problem: {question} Solution:"
        made.append(TrainRow(prompt, solution, 1.0, f"p{i:02d}", f"s{i:02d}"))
    return made


def families(problems: int, each: int) -> list[TrainRow]:
    """`each` solutions, of differing length and weight, to each of some problems, problem by
    problem."""
    made = []
    for i in range(problems):
        question = " ".join([WORDS[i % 24], *WORDS[: i % 3]])
        prompt = f"{SHOTS} Problem: {question} Solution:"
        for j in range(each):
            solution = " ".join(WORDS[(5 * i + 7 * j + k) % 24] for k in range(1 + (i + 2 * j) % 5))
            made.append(TrainRow(prompt, solution, 0.5 + (i + j) % 3, f"p{i:02d}", f"s{i:02d}-{j}"))
    return made


def job(folder: Path, init_dir: Path, **changes: Any) -> Job:
    """The tests' job in `folder`; `changes` name fields of Job or of Train."""
    settings = {**asdict(TRAIN), **{k: v for k, v in changes.items() if k in asdict(TRAIN)}}
    own = {k: v for k, v in changes.items() if k not in settings}
    values = {"rows": rows(), "seed": 1, "max_epochs": settings["max_epochs"], **own}
    return Job(
        init_dir, "tiny-test", folder / "out", folder / "work", train=Train(**settings), **values
    )


def by_weights(folder: Path) -> float:
    """A reward in [0, 1] that depends on every bit of the weights and on nothing else."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).digest()[0] / 255


def scripted(rewards: Sequence[float]) -> Callable[[Path], float]:
    """Rewards in the order of the checks."""
    left = iter(rewards)
    return lambda folder: next(left)


def silent(done: int, total: int, live: str) -> None:
    pass


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed(folder: Path, init_dir: Path, point: str, changes: dict[str, Any]) -> None:
    """Train until the point: `update:5`, `check:2`, or `open:NAME` (a file about to be written)."""
    kind, _, where = point.partition(":")
    checks = []

    def validate(path: Path) -> float:
        checks.append(path)
        if kind == "check" and len(checks) == int(where):
            die()
        return by_weights(path)

    def on_step(done: int, total: int, live: str) -> None:
        if kind == "update" and done == int(where):
            die()

    def on_open(event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and args[1] != "r" and str(args[0]).endswith(where):
            die()

    if kind == "open":
        sys.addaudithook(on_open)
    train(job(folder, init_dir, **changes), validate, on_step)


def finish(folder: Path, init_dir: Path, changes: dict[str, Any]) -> None:
    """Train to the end; `first` names the update it began with."""
    seen: list[int] = []
    task = job(folder, init_dir, **changes)
    result = train(task, by_weights, lambda done, total, live: seen.append(done))
    (folder / "first").write_text(str(seen[0] if seen else 0))
    (folder / "result.json").write_text(json.dumps(asdict(replace(result, cost={}))))


def in_child(work: Callable[[], None]) -> int:
    """Wait status of a forked process that does the work: modules are imported once, here."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    return os.waitpid(child, 0)[1]


def main(folder: Path, changes: dict[str, Any], points: Sequence[str]) -> None:
    import transformers.trainer  # noqa: F401

    init_dir = save_policy(folder / "init")
    for point in points:
        place = folder / point.replace("/", "_")
        if point != "straight":
            status = in_child(partial(killed, place, init_dir, point, changes))
            assert os.WIFSIGNALED(status), f"{point} was never reached"
        assert in_child(partial(finish, place, init_dir, changes)) == 0


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:])
