"""One process's share of a training: all of it, or from one check to the next."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from restem.core.errors import EngineError
from restem.core.params import Train
from restem.training.batches import Updates
from restem.training.checkpoints import Checkpoint
from restem.training.checks import check_steps
from restem.training.dataset import Example, into_rows, shared_prefix
from restem.training.job import Job
from restem.training.loss import can_branch, has_plain_cache
from restem.training.meter import Meter
from restem.training.model import load, trainable
from restem.training.plan import Plan
from restem.training.settings import arguments, partitioned
from restem.training.trainer import build

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def fit(
    job: Job,
    examples: list[Example],
    tokenizer: PreTrainedTokenizerBase,
    done: Checkpoint | None,
    validate: Callable[[Path], float] | None,
    on_step: Callable[[int, int, str], None],
    meter: Meter,
    rank: int = 0,
    processes: int = 1,
) -> Plan:
    """Train from a checkpoint, or the beginning, to the end; without `validate` to the next check.

    Raises: EngineError if the model cannot be used, the loss is not finite or memory runs out;
    ResumeError if checkpoints cannot be written.
    """
    with partitioned(job.train):
        with meter.phase("load"):
            model = _loaded(job)
            shares = bool(done.facts["shares"]) if done else _may_share(model, job.train)
        plan = _plan(job, examples, model, shares, validate, on_step)
        plan.meter, plan.rank, plan.processes = meter, rank, processes
        plan.checks = list(done.checks) if done else []
        if done and done.step == plan.num_updates:
            return plan
        use_cache = bool(getattr(model.config, "use_cache", True))
        settings = arguments(plan, job.seed, use_cache)
        trainer = build(trainable(model, job.train, job.seed), tokenizer, plan, settings)
        with meter.phase("update"), _memory_errors(job.train):
            trainer.train(resume_from_checkpoint=str(done.path) if done else None)
    return plan


def _plan(
    job: Job,
    examples: list[Example],
    model: PreTrainedModel,
    shares: bool,
    validate: Callable[[Path], float] | None,
    on_step: Callable[[int, int, str], None],
) -> Plan:
    train = job.train
    rows = into_rows(examples, job.max_length(model.config), shares)
    prefix = shared_prefix(examples)
    updates = Updates([row.length - len(prefix) for row in rows], train.batch_tokens, job.seed)
    steps = check_steps(updates.per_epoch, job.max_epochs, train.checks_per_epoch)
    return Plan(
        key=job.key,
        work_dir=job.work_dir,
        train=train,
        max_epochs=job.max_epochs,
        rows=rows,
        prefix=prefix if _can_cache(model, job) else [],
        updates=updates,
        check_at=frozenset(steps),
        validate=validate,
        on_step=on_step,
        shares=shares,
    )


def _loaded(job: Job) -> PreTrainedModel:
    """The model, on the device it is trained on. Raises: EngineError."""
    import torch

    on_gpu = torch.cuda.is_available()
    if job.train.attention == "flex_attention" and not on_gpu:
        raise EngineError(
            "train.attention: flex_attention trains on GPUs only, and there is none here. "
            "Set it to sdpa (params.yaml)."
        )
    model = load(job.init_dir, job.train.attention)
    if on_gpu and job.train.deepspeed == "off":
        model.to(torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))))
    return model


def _may_share(model: PreTrainedModel, train: Train) -> bool:
    """Whether solutions share rows; asked once, and then read from the checkpoints."""
    import torch

    if not train.share_prompts:
        return False
    rounded = train.precision == "bf16"
    with torch.autocast(model.device.type, torch.bfloat16, enabled=rounded):
        return can_branch(model, train.attention, tolerance=0.1 if rounded else 3e-4)


def _can_cache(model: PreTrainedModel, job: Job) -> bool:
    """Whether the keys and values of a prefix can be computed once a pass: one process of its own
    (wrappers for several expect one forward for one backward), and activations that are kept."""
    return not job.apart and not job.train.gradient_checkpointing and has_plain_cache(model)


@contextmanager
def _memory_errors(train: Train) -> Iterator[None]:
    """Raises: EngineError that says which switches are left."""
    import torch

    try:
        yield
    except (RuntimeError, MemoryError) as error:  # OutOfMemoryError is a RuntimeError
        text = str(error)
        if not isinstance(error, (torch.OutOfMemoryError, MemoryError)) and (
            "can't allocate memory" not in text
        ):
            raise
        raise EngineError(
            f"out of memory: {(text.splitlines() or ['no more'])[0]} {_advice(train)} "
            "With other values this training starts anew."
        ) from error


def _advice(train: Train) -> str:
    """Switches that save memory and are not set."""
    left = [f"train.accumulate: {2 * train.accumulate} (smaller passes)"]
    if not train.gradient_checkpointing:
        left.append("train.gradient_checkpointing: true")
    if train.deepspeed != "zero3":
        left.append("train.deepspeed: zero3 with several train.processes")
    elif not train.offload:
        left.append("train.offload: true")
    if train.precision == "fp32":
        left.append("train.precision: bf16")
    if not train.lora:
        left.append("train.lora: 16")
    return f"What helps (params.yaml): {'; '.join(left)}."


@contextmanager
def one_thread() -> Iterator[None]:
    """On a CPU: how floats are summed depends on the number of threads, and bytes must not."""
    import torch

    threads = torch.get_num_threads()
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def no_bars() -> Iterator[None]:
    """transformers shows a bar for every model it loads; the stage has its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
