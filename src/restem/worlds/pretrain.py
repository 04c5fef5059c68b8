"""Pre-train the base model: a fixed number of updates on the corpus, on one thread.

Bit-reproducible: what is random (weights, documents, order) is a function of `base.seed`. A run
that was killed continues from its newest checkpoint and ends with the bytes of one that was not.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from restem.core.params import Base
from restem.core.scratch import write_atomically
from restem.core.seeds import seed_for
from restem.worlds.batches import IGNORED, Example, batches, collate, examples
from restem.worlds.model import build_model
from restem.worlds.tokenizer import EOS_ID, PAD_ID, build_tokenizer
from restem.worlds.world import Corpus

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter
    from torch.optim import Optimizer
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

MUON_LR = 6.0  # times the learning rate of AdamW
WEIGHT_DECAY = 0.05
WARMUP = 0.05  # share of the updates with a rising learning rate
FINAL_LR = 0.05  # share of the peak learning rate that the cosine ends at
MAX_GRADIENT = 1.0  # norm that gradients are clipped to
CHECKPOINT_EVERY = 200  # updates, about 12 s
REPORTED = 100  # updates at the end whose mean loss is reported


@dataclass(slots=True)
class Run:
    """Pre-training under way: everything a checkpoint holds."""

    model: LlamaForCausalLM
    optimizers: list[Optimizer]
    tokens: int = 0
    """Tokens seen, padding included."""
    losses: list[float] = field(default_factory=list)
    """One per update; their number is the step."""


def pretrain(
    out: Path,
    corpus: Corpus,
    base: Base,
    checkpoints: Path,
    on_step: Callable[[int, str], None],
    *,
    every: int = CHECKPOINT_EVERY,
) -> dict[str, object]:
    """Write a complete Hugging Face folder to `out`; return what `report` says.

    checkpoints: a folder for this very run (same base and corpus); one is kept, `every` updates.
    on_step: told the updates done and the loss as text, after each update.
    Raises: ResumeError when a checkpoint cannot be written.
    """
    with one_thread():
        tokenizer = build_tokenizer(corpus.world)
        run = start(len(tokenizer), corpus.world.rope_theta, base)
        resume(run, checkpoints)
        first = len(run.losses)
        stream = islice(training_batches(base, corpus, tokenizer), first, base.steps)
        for step, batch in enumerate(stream, first + 1):
            update(run, batch, learning_rate(step, base.steps))
            if step % every == 0 or step == base.steps:
                save_checkpoint(run, checkpoints)
            on_step(step, f"loss {run.losses[-1]:.2f}")
        run.model.eval().save_pretrained(out)
        tokenizer.save_pretrained(out)
    return report(run, out)


@contextmanager
def one_thread() -> Iterator[None]:
    """The order of additions, and so the last bit, depends on the number of threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def start(vocabulary: int, rope_theta: float, base: Base) -> Run:
    """Muon for the hidden matrices, AdamW for embeddings and norms. Source: torch.optim.Muon."""
    import torch

    seed = seed_for(base.seed, "weights")
    model = build_model(vocabulary, EOS_ID, PAD_ID, seed, rope_theta)
    hidden: list[Parameter] = []
    rest: list[Parameter] = []
    for name, parameter in model.named_parameters():
        is_hidden = parameter.ndim == 2 and "embed" not in name
        (hidden if is_hidden else rest).append(parameter)
    adamw = torch.optim.AdamW(
        rest, lr=base.lr, weight_decay=WEIGHT_DECAY, betas=(0.9, 0.98), fused=True
    )
    muon = torch.optim.Muon(
        hidden, lr=MUON_LR * base.lr, weight_decay=WEIGHT_DECAY, momentum=0.95, nesterov=True
    )
    for optimizer in (adamw, muon):
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return Run(model.train(), [adamw, muon])


def training_batches(
    base: Base, corpus: Corpus, tokenizer: PreTrainedTokenizerFast
) -> Iterator[list[Example]]:
    """The batches of a run, always the same; a resumed run skips those it has seen."""
    documents = corpus.documents(Random(seed_for(base.seed, "corpus")))
    order = Random(seed_for(base.seed, "order"))
    return batches(examples(documents, corpus.world.separator, tokenizer), base.batch_tokens, order)


def learning_rate(step: int, steps: int) -> float:
    """Share of the peak learning rate at update `step` in 1..steps: linear warm-up times cosine."""
    warmup = min(1.0, step / max(1.0, WARMUP * steps))
    cosine = 0.5 * (1 + math.cos(math.pi * (step - 1) / steps))
    return warmup * (FINAL_LR + (1 - FINAL_LR) * cosine)


def update(run: Run, batch: Sequence[Example], lr_share: float) -> None:
    """One step of both optimizers."""
    import torch

    ids_BT, labels_BT = collate(batch)
    loss = loss_of(run.model, ids_BT, labels_BT)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), MAX_GRADIENT)
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = lr_share * group["peak_lr"]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    run.tokens += ids_BT.numel()
    run.losses.append(loss.item())


def loss_of(model: LlamaForCausalLM, ids_BT: Tensor, labels_BT: Tensor) -> Tensor:
    """Mean cross-entropy over the labelled tokens, the only ones that logits are computed for."""
    from torch.nn.functional import cross_entropy

    states_BTD = model.model(input_ids=ids_BT, use_cache=False).last_hidden_state
    targets = labels_BT[:, 1:]
    learned = targets != IGNORED
    return cross_entropy(model.lm_head(states_BTD[:, :-1][learned]), targets[learned])


def save_checkpoint(run: Run, folder: Path) -> None:
    """Write the new one, then drop the older ones."""
    import torch

    buffer = io.BytesIO()
    torch.save(
        {
            "model": run.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in run.optimizers],
            "tokens": run.tokens,
            "losses": run.losses,
        },
        buffer,
    )
    older = found_checkpoints(folder)
    path = folder / f"step-{len(run.losses):09d}.pt"
    write_atomically(path, buffer.getvalue())
    for old in older:
        if old != path:
            old.unlink()


def found_checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints, the newest last."""
    return sorted(folder.glob("step-*.pt"))


def resume(run: Run, folder: Path) -> None:
    """Put the newest checkpoint, if any, into a run that was just started."""
    import torch

    found = found_checkpoints(folder)
    if not found:
        return
    state = torch.load(found[-1], weights_only=True)
    run.model.load_state_dict(state["model"])
    for optimizer, values in zip(run.optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(values)
    run.tokens, run.losses = state["tokens"], state["losses"]


def report(run: Run, out: Path) -> dict[str, object]:
    """Updates, tokens, parameters, mean loss of the last updates, SHA-256 of the weights file."""
    last = run.losses[-REPORTED:]
    return {
        "steps": len(run.losses),
        "tokens": run.tokens,
        "parameters": sum(parameter.numel() for parameter in run.model.parameters()),
        "loss": sum(last) / len(last),
        "sha256": hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest(),
    }
