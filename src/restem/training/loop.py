"""The M-step: fine-tune on the kept solutions while the reward on D_val improves, keep the best.

What is trained on is decided elsewhere, and so is what a reward is. A training that was killed goes
on from its last complete checkpoint and ends with the same bytes as one that was not.
Source: arXiv 2312.06585, algorithm 1 and §3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from restem.core.errors import EngineError
from restem.core.params import Train
from restem.core.records import TrainRow
from restem.core.seeds import stable_hash
from restem.training import checkpoints
from restem.training.checks import best, check_steps
from restem.training.dataset import Batches, Example, encode, shared_prefix
from restem.training.export import export, licence_of, model_card
from restem.training.loss import can_share
from restem.training.plan import Plan
from restem.training.trainer import build

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Job:
    """What to train on what, and where."""

    init_dir: Path
    """Hugging Face folder of the model to start from."""
    base_name: str
    """What the model card calls the base; never a path."""
    out_dir: Path
    """Where the trained model is written, whole, at the end."""
    work_dir: Path
    """Checkpoints; survives a kill. Empty, or of an earlier attempt at the same job."""
    rows: Sequence[TrainRow]
    train: Train
    max_epochs: int
    seed: int


@dataclass(frozen=True, slots=True)
class Result:
    """How it went; the same whether or not it was interrupted."""

    curve: list[dict[str, float]]
    """Per logged update: step, epoch, loss (mean since the last one), grad_norm, learning_rate."""
    checks: list[dict[str, float]]
    """Per check of D_val: step, epoch, reward."""
    best_step: int
    """Updates after which the exported model was best."""
    best_reward: float
    num_rows: int
    """Rows trained on."""
    num_overlong: int
    """Rows left out because they are longer than train.max_length."""
    num_updates: int
    """Updates done when training stopped."""
    target_tokens: int
    """Of the rows trained on, once: solutions with their end tokens."""
    tokens: int
    """Of the rows trained on, once: prompts and solutions."""


def train(
    job: Job, validate: Callable[[Path], float], on_step: Callable[[int, int, str], None]
) -> Result:
    """Train, or go on training, and write the model with the best reward to `job.out_dir`.

    `validate` gives the reward on D_val, in [0, 1], of a model folder; `on_step` hears of every
    update: how many are done, how many there are at most, loss and last reward as text.
    Raises: DataError if there is nothing to train on; EngineError if the model cannot be used or
    the loss is not finite; ResumeError if checkpoints cannot be written or are of another job.
    """
    with _one_thread(), _no_bars():
        model, tokenizer = load(job.init_dir)
        limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        max_length = min(job.train.max_length, limit or job.train.max_length)
        examples, num_overlong = encode(job.rows, tokenizer, max_length)
        plan = _plan(job, examples, model, validate, on_step)
        done = checkpoints.last(job.work_dir, plan.key)
        plan.checks = done.checks if done else []
        if not plan.is_over():
            if job.train.freeze_embeddings:
                model.get_input_embeddings().weight.requires_grad_(False)
            trainer = build(model, tokenizer, plan, job.seed)
            trainer.train(resume_from_checkpoint=str(done.path) if done else None)
            done = checkpoints.last(job.work_dir, plan.key)
        assert done is not None  # the last update is always checked
        result = _result(done, examples, num_overlong)
        export(load(done.best)[0], tokenizer, job.out_dir, _card(job, result))
    return result


def load(model_dir: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model (fp32) and tokenizer of a folder.

    Raises: EngineError if it holds none, or one that could not be saved again.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not (model_dir / "config.json").is_file():
        raise EngineError(f"{model_dir} is no Hugging Face model folder (no config.json)")
    try:
        model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(model_dir)
        model.generation_config.validate(strict=True)  # as saving it does
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise EngineError(f"{model_dir} cannot be trained: {reason}") from error
    return model, tokenizer


def _plan(
    job: Job,
    examples: list[Example],
    model: PreTrainedModel,
    validate: Callable[[Path], float],
    on_step: Callable[[int, int, str], None],
) -> Plan:
    prefix = shared_prefix(examples)
    lengths = [len(example.input_ids) - len(prefix) for example in examples]
    batches = Batches(lengths, job.train.batch_tokens, job.seed)
    steps = check_steps(len(batches), job.max_epochs, job.train.checks_per_epoch)
    rows = [asdict(row) for row in job.rows]
    return Plan(
        key=stable_hash(rows, asdict(job.train), job.max_epochs, job.seed),
        work_dir=job.work_dir,
        train=job.train,
        max_epochs=job.max_epochs,
        examples=examples,
        prefix=prefix if can_share(model, prefix) else [],
        batches=batches,
        check_at=frozenset(steps),
        validate=validate,
        on_step=on_step,
    )


def _result(done: checkpoints.Checkpoint, examples: Sequence[Example], num_overlong: int) -> Result:
    names = ("step", "epoch", "loss", "grad_norm", "learning_rate")
    top = best(done.checks)
    return Result(
        curve=[
            {name: entry[name] for name in names} for entry in done.history() if "loss" in entry
        ],
        checks=[asdict(check) for check in done.checks],
        best_step=top.step,
        best_reward=top.reward,
        num_rows=len(examples),
        num_overlong=num_overlong,
        num_updates=done.step,
        target_tokens=sum(example.num_targets for example in examples),
        tokens=sum(len(example.input_ids) for example in examples),
    )


def _card(job: Job, result: Result) -> str:
    facts = {
        "seed": job.seed,
        "updates": result.num_updates,
        "best update": result.best_step,
        "reward on validation problems": f"{result.best_reward:.4f}",
    }
    licence = licence_of(job.init_dir)
    settings = replace(job.train, max_epochs=job.max_epochs)
    return model_card(job.base_name, licence, result.num_rows, settings, facts)


@contextmanager
def _one_thread() -> Iterator[None]:
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
def _no_bars() -> Iterator[None]:
    """transformers shows a bar for every model it loads; the stage has its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
