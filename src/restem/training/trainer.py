"""Hugging Face's Trainer, bent in four places: the loss, the batches, what a checkpoint is, and
what is fatal.

Trainer keeps the loop, the optimizer, the schedule, the processes and exact resume. Rewards on
D_val come from a callable that is handed a model folder, so that validation is the same program as
evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from restem.core.disk import unwritable
from restem.core.errors import EngineError, ResumeError
from restem.training import checkpoints
from restem.training.batches import Slot
from restem.training.checks import Check
from restem.training.collate import collate
from restem.training.loss import weighted_nll
from restem.training.plan import Plan

if TYPE_CHECKING:
    import torch
    from transformers import (
        PreTrainedModel,
        PreTrainedTokenizerBase,
        Trainer,
        TrainerCallback,
        TrainerControl,
        TrainerState,
        TrainingArguments,
    )

    Batch = dict[str, torch.Tensor]


def build(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    plan: Plan,
    arguments: TrainingArguments,
) -> Trainer:
    """A Trainer that carries the plan out. It prints nothing; `plan.on_step` hears of updates."""
    from transformers import PrinterCallback

    trainer = _trainer_class()(
        model=model,
        args=arguments,
        processing_class=tokenizer,
        callbacks=[_rhythm_class()(plan)],
    )
    trainer.plan, trainer.parts = plan, []
    trainer.passes = _Passes(plan, tokenizer.eos_token_id)
    trainer.flops_per_token = sum(_flops(weight) for weight in model.parameters())
    trainer.model_accepts_loss_kwargs = True  # compute_loss divides by the number of items itself
    trainer.remove_callback(PrinterCallback)
    return trainer


def _flops(weight: torch.nn.Parameter) -> float:
    """Of a token's way through it, forth and back: 6 per number, 4 where it stays as it is. Also
    where this process holds a part (ZeRO-3)."""
    return float((6 if weight.requires_grad else 4) * getattr(weight, "ds_numel", weight.numel()))


class _Passes:
    """A data set whose items are passes: what one process computes at once."""

    def __init__(self, plan: Plan, pad: int) -> None:
        self.plan, self.pad = plan, pad

    def __getitem__(self, slot: Slot) -> Batch:
        import torch

        plan, (update, own) = self.plan, slot
        rows = [plan.rows[number] for number in own]
        batch = collate(rows, len(plan.prefix), self.pad, plan.train.normalize)
        mass = sum(plan.rows[number].mass(plan.train.normalize) for number in update)
        tokens = sum(plan.rows[number].length - len(plan.prefix) for number in update)
        facts = {"mass": mass, "update_tokens": tokens, "rows": update}
        return {**batch, **{name: torch.tensor(value) for name, value in facts.items()}}


def _rhythm_class() -> type[TrainerCallback]:
    from transformers import TrainerCallback

    class Rhythm(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
        """Reports every update, and asks for a checkpoint where D_val is to be checked."""

        def __init__(self, plan: Plan) -> None:
            self.plan = plan

        def on_step_end(
            self, args: object, state: TrainerState, control: TrainerControl, **kwargs: object
        ) -> None:
            control.should_save = state.global_step in self.plan.check_at
            # a logged mean never spans a checkpoint: after a resume it would be another one
            control.should_log = control.should_log or control.should_save
            self.plan.on_step(state.global_step, state.max_steps, self.plan.live())

    return Rhythm


def _trainer_class() -> type[Trainer]:
    from transformers import Trainer

    class MStep(Trainer):  # type: ignore[misc]  # transformers is untyped here
        plan: Plan
        parts: list[float]
        passes: _Passes
        flops_per_token: float
        rows: torch.Tensor

        def get_train_dataloader(self) -> object:
            return _loader(self.passes)

        def _get_num_items_in_batch(self, batches: list[Batch], device: object) -> torch.Tensor:
            return batches[0]["mass"].to(device)

        def compute_loss(
            self, model: PreTrainedModel, inputs: Batch, num_items_in_batch: torch.Tensor
        ) -> torch.Tensor:
            return _loss(self, model, inputs)

        def _prepare_inputs(self, inputs: Batch) -> Batch:
            # Trainer's own also rounds weights to DeepSpeed's bfloat16
            return {name: tensor.to(self.args.device) for name, tensor in inputs.items()}

        def _clip_grad_norm(self, model: PreTrainedModel) -> torch.Tensor:
            norm = super()._clip_grad_norm(model)
            _refuse_nan(self, "gradient norm", float(norm))
            return norm

        def _save_checkpoint(self, model: PreTrainedModel, trial: object) -> None:
            with _disk_errors(self.plan), self.plan.meter.phase("save"):
                super()._save_checkpoint(model, trial)
            self.plan.meter.look_at_memory()
            if self.plan.validate:
                _check(self)
            else:
                self.control.should_training_stop = True

        def _issue_warnings_after_load(self, load_result: object) -> None:
            self.model.tie_weights()  # a tied head is not stored and no reason to warn

        def floating_point_ops(self, inputs: Batch) -> int:
            return 0  # the meter counts them

    return MStep


def _loader(passes: _Passes) -> object:
    """The passes of one epoch after the other."""
    from torch.utils.data import DataLoader

    class Loader(DataLoader):  # type: ignore[misc]  # torch is untyped here
        def set_epoch(self, epoch: int) -> None:
            self.batch_sampler.set_epoch(epoch)

    return Loader(passes, batch_sampler=passes.plan.slots(), collate_fn=_only)


def _only(items: list[Batch]) -> Batch:
    return items[0]


def _loss(trainer: Trainer, model: PreTrainedModel, inputs: Batch) -> torch.Tensor:
    """Of one pass. Raises: EngineError if it is not finite."""
    plan: Plan = trainer.plan
    nll = weighted_nll(model, inputs, plan.prefix, plan.train.attention)
    # processes average their gradients; the sum over them is wanted
    loss = nll / inputs["mass"] * plan.processes
    trainer.rows = inputs["rows"]
    _count(trainer, inputs, loss.item())
    _refuse_nan(trainer, "loss", trainer.parts[-1])
    return loss


def _count(trainer: Trainer, inputs: Batch, loss: float) -> None:
    """Take note of a pass."""
    plan: Plan = trainer.plan
    meter = plan.meter
    if len(trainer.parts) == plan.train.accumulate:
        trainer.parts.clear()
    if not trainer.parts:
        tokens = int(inputs["update_tokens"])
        meter.tokens += tokens
        meter.flops += trainer.flops_per_token * tokens
    meter.own_tokens += int(inputs["real"])
    meter.own_padded += inputs["input_ids"].numel()
    trainer.parts.append(loss)
    plan.loss = sum(trainer.parts)


def _refuse_nan(trainer: Trainer, what: str, value: float) -> None:
    """Raises: EngineError with the update and its problems, those of all processes and passes."""
    if math.isfinite(value):
        return
    plan: Plan = trainer.plan
    problems = sorted({plan.rows[row].problem_id for row in trainer.rows.tolist()})
    raise EngineError(
        f"the {what} is {value} at update {trainer.state.global_step + 1} "
        f"(problems {', '.join(problems)}). The last good checkpoint is kept. "
        f"Lower train.lr, now {plan.train.lr} (params.yaml)."
    )


@contextmanager
def _disk_errors(plan: Plan) -> Iterator[None]:
    """Raises: ResumeError where writing failed; torch and safetensors have own names for it."""
    import torch
    from safetensors import SafetensorError

    try:
        yield
    except (ResumeError, torch.OutOfMemoryError):
        raise
    except (OSError, RuntimeError, SafetensorError) as error:
        raise unwritable(plan.work_dir / "checkpoint", error) from error


def _check(trainer: Trainer) -> None:
    """Measure the reward of the checkpoint just written, declare it complete, and stop if due.

    Training goes on as if nothing had been measured: the random state is that of the checkpoint, as
    after a resume.
    """
    import torch

    plan, state = trainer.plan, trainer.state
    path = checkpoints.folder(plan.work_dir, state.global_step)
    threads = torch.get_num_threads()
    with _disk_errors(plan):
        checkpoints.trained(plan.work_dir, plan.key, state.global_step, plan.facts())
    with plan.meter.phase("check"):
        reward = plan.validate(path)
    torch.set_num_threads(threads)
    trainer._load_rng_state(str(path))
    plan.checks.append(Check(state.global_step, state.epoch, reward))
    with _disk_errors(plan):
        checkpoints.complete(plan.work_dir, plan.key, plan.checks, plan.facts())
    if plan.is_over():
        trainer.control.should_training_stop = True
