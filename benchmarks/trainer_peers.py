"""The trainers that benchmarks/trainer.py compares with: Hugging Face's Trainer and TRL's."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restem.core.params import Train
from restem.training.dataset import Example
from restem.training.model import load, load_tokenizer, trainable
from restem.training.settings import ADAM_BETAS, MAX_GRAD_NORM, SCHEDULES

SEED = 0


@dataclass(frozen=True, slots=True)
class Case:
    """One epoch of some examples."""

    model_dir: Path
    examples: Sequence[Example]
    train: Train
    updates: int
    """In the epoch."""
    warm_up: int
    """The first so many are not timed."""

    @property
    def batch(self) -> int:
        """Examples per update of the peers; ours has as many on average."""
        return round(len(self.examples) / self.updates)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one way through a case."""

    rate: float
    """Examples per CPU-second."""
    loss: float
    """Of the last update."""
    norm: float
    """Of its gradient."""


Way = Callable[[Case], Outcome]


def outcome(case: Case, sizes: Sequence[int], ends: Sequence[float], *last: float) -> Outcome:
    """sizes, ends: examples of every update, and the CPU time at its end."""
    assert sum(sizes) == len(case.examples)
    assert len(sizes) == len(ends)
    start = case.warm_up
    rate = sum(sizes[start:]) / (ends[-1] - ends[start - 1]) if start else math.nan
    return Outcome(rate, *last)


def hugging_face(case: Case, grouped: bool = False) -> Outcome:
    """Trainer, with the collator for labels of their own that transformers has.

    grouped: like lengths together, as ours has them.
    """
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    tokenizer = load_tokenizer(case.model_dir)[1]
    order = {"train_sampling_strategy": "group_by_length"} if grouped else {}
    features = [
        {"input_ids": e.input_ids, "labels": [-100] * e.num_prompt + e.input_ids[e.num_prompt :]}
        for e in case.examples
    ]
    return peer(case, lambda model, folder: Trainer(
        model=model, args=TrainingArguments(**settings(case, folder), **order),
        train_dataset=features,
        data_collator=DataCollatorForSeq2Seq(tokenizer), processing_class=tokenizer,
    ))  # fmt: skip


def trl(case: Case) -> Outcome:
    """SFTTrainer, which gets token ids too."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    tokenizer = load_tokenizer(case.model_dir)[1]
    columns = [
        {"input_ids": e.input_ids, "completion_mask": [0] * e.num_prompt + [1] * e.num_targets}
        for e in case.examples
    ]
    return peer(case, lambda model, folder: SFTTrainer(
        model=model, args=SFTConfig(**settings(case, folder), completion_only_loss=True,
                                    packing=False, max_length=None),
        train_dataset=Dataset.from_list(columns), processing_class=tokenizer,
    ))  # fmt: skip


def settings(case: Case, folder: str) -> dict[str, Any]:
    """What ours tells Trainer (`restem.training.settings`)."""
    train = case.train
    schedule, more = SCHEDULES[train.schedule]
    return {
        "output_dir": folder, "num_train_epochs": 1, "per_device_train_batch_size": case.batch,
        "learning_rate": train.lr, "weight_decay": train.weight_decay, "optim": "adamw_torch_fused",
        "adam_beta1": ADAM_BETAS[0], "adam_beta2": ADAM_BETAS[1], "max_grad_norm": MAX_GRAD_NORM,
        "lr_scheduler_type": schedule, "lr_scheduler_kwargs": more,
        "warmup_steps": round(train.warmup_ratio * case.updates), "seed": SEED, "use_cpu": True,
        "gradient_checkpointing": False, "bf16": False, "dataloader_pin_memory": False,
        "save_strategy": "no", "report_to": "none", "disable_tqdm": True,
        "logging_steps": math.ceil(len(case.examples) / case.batch),  # once, at the end
    }  # fmt: skip


def peer(case: Case, build: Callable[[Any, str], Any]) -> Outcome:
    """Train as the others do, with the callback ours is timed by."""
    from transformers import PrinterCallback, TrainerCallback

    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: object, **__: object) -> None:
            ends.append(time.process_time())

    model = trainable(load(case.model_dir), case.train, SEED)
    with tempfile.TemporaryDirectory(prefix="restem-trainer-") as folder:
        trainer = build(model, folder)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(Clock)
        loss = trainer.train().training_loss
    num, batch = len(case.examples), case.batch
    sizes = [min(batch, num - start) for start in range(0, num, batch)]
    norms = [entry["grad_norm"] for entry in trainer.state.log_history if "grad_norm" in entry]
    return outcome(case, sizes, ends, loss, norms[-1])
