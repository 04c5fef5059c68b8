"""The M-step: fine-tune on the kept solutions while the reward on D_val improves, keep the best.

What is trained on is decided elsewhere, and so is what a reward is. A training that was killed goes
on from its last complete checkpoint and ends with the same bytes as one that was not. One process
trains here; several, or DeepSpeed, train in processes of their own from check to check, so that
their memory is free while D_val is measured.
Source: arXiv 2312.06585, algorithm 1 and §3.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from restem.training import apart, checkpoints
from restem.training.checks import Check, best
from restem.training.dataset import Example, encode
from restem.training.export import export, licence_of, model_card
from restem.training.fit import fit, no_bars, one_thread
from restem.training.job import Job
from restem.training.meter import Meter
from restem.training.model import adapter, load, load_tokenizer, whole

log = logging.getLogger(__name__)
MANY_EMPTY = 10  # percent


@dataclass(frozen=True, slots=True)
class Result:
    """How it went; the same whether or not it was interrupted, but for its cost."""

    curve: list[dict[str, float]]
    """Per logged update: step, epoch, loss (mean since the last one), grad_norm, learning_rate."""
    checks: list[dict[str, float]]
    """Per check of D_val: step, epoch, reward."""
    best_step: int
    """Updates after which the exported model was best."""
    best_reward: float
    num_rows: int
    """Solutions trained on."""
    num_overlong: int
    """Solutions left out because they are longer than train.max_length."""
    num_updates: int
    """Updates done when training stopped."""
    target_tokens: int
    """Of the solutions trained on, once: with their end tokens."""
    tokens: int
    """Of the solutions trained on, once, each with its prompt."""
    row_tokens: int
    """The same with every prompt once a row: what an epoch computes, but for a shared prefix."""
    cost: dict[str, object] = field(compare=False)
    """What this process and those it started took; see `Meter`."""


def train(
    job: Job, validate: Callable[[Path], float], on_step: Callable[[int, int, str], None]
) -> Result:
    """Train, or go on training, and write the model with the best reward to `job.out_dir`.

    `validate` gives the reward on D_val, in [0, 1], of a model folder; `on_step` hears of updates:
    how many are done, how many there are at most, loss and last reward as text.
    Raises: DataError if there is nothing to train on; EngineError if the model cannot be used, the
    loss is not finite or memory runs out; ResumeError if checkpoints cannot be written or are of
    another job.
    """
    meter = Meter()

    def reward(checkpoint: Path) -> float:
        return validate(whole(checkpoint, job.init_dir, job.base_name))

    with one_thread(), no_bars():
        config, tokenizer = load_tokenizer(job.init_dir)
        length = job.max_length(config)
        examples, num_overlong = encode(job.rows, tokenizer, length, job.train.max_overlong)
        done = checkpoints.last(job.work_dir, job.key)
        while done is None or not done.is_over(job.train):
            if waiting := checkpoints.unchecked(job.work_dir, job.key):
                _check(job, done, waiting, reward, meter)
            elif job.apart:
                apart.train_to_next_check(job, on_step, meter)
            else:
                fit(job, examples, tokenizer, done, reward, on_step, meter)
            first, done = done is None, checkpoints.last(job.work_dir, job.key)
            if first and done:
                _remark(job, done.facts)
        with meter.phase("export"):
            folder = whole(done.best, job.init_dir, job.base_name)
            model = load(folder, precision=job.train.precision)
            card = _card(job, done, len(examples))
            export(model, tokenizer, job.out_dir, card, adapter(done.best))
    return _result(job, done, examples, num_overlong, meter)


def _remark(job: Job, facts: dict[str, int]) -> None:
    """Say what trains otherwise than wanted, or in vain; processes apart have no voice."""
    train = job.train
    if train.share_prompts and not facts["shares"]:
        log.warning("this model, with train.attention %s, gives solutions that share a prompt "
                    "other losses; each has a row of its own", train.attention)  # fmt: skip
    if facts["empty_percent"] > MANY_EMPTY:
        log.warning("%d %% of the passes have no row: lower train.accumulate (%d) or raise "
                    "train.batch_tokens (%d)", facts["empty_percent"], train.accumulate,
                    train.batch_tokens)  # fmt: skip


def _check(
    job: Job,
    done: checkpoints.Checkpoint | None,
    waiting: tuple[int, dict[str, int]],
    reward: Callable[[Path], float],
    meter: Meter,
) -> None:
    """Complete a checkpoint that processes of their own, or an earlier attempt, have trained."""
    step, facts = waiting
    path = checkpoints.folder(job.work_dir, step)
    with meter.phase("check"):
        found = Check(step, checkpoints.state(path)["epoch"], reward(path))
    checks = [*(done.checks if done else []), found]
    checkpoints.complete(job.work_dir, job.key, checks, facts)


def _result(
    job: Job,
    done: checkpoints.Checkpoint,
    examples: Sequence[Example],
    num_overlong: int,
    meter: Meter,
) -> Result:
    names = ("step", "epoch", "loss", "grad_norm", "learning_rate")
    top = best(done.checks)
    meter.look_at_memory()
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
        row_tokens=done.facts["row_tokens"],
        cost={**meter.plain(), **meter.rates(job.processes)},
    )


def _card(job: Job, done: checkpoints.Checkpoint, num_solutions: int) -> str:
    top = best(done.checks)
    facts = {
        "seed": job.seed,
        "updates": done.step,
        "best update": top.step,
        "reward on validation problems": f"{top.reward:.4f}",
    }
    licence = licence_of(job.init_dir)
    settings = replace(job.train, max_epochs=job.max_epochs)
    return model_card(job.base_name, licence, num_solutions, settings, facts)
