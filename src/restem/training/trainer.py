"""Hugging Face's Trainer, bent in four places: the loss, the batches, what a checkpoint is, and
what is fatal.

Trainer keeps the loop, the optimizer, the schedule and exact resume. Rewards on D_val come from a
callable that is handed a model folder, so that validation is the same program as evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from restem.core.errors import EngineError, ResumeError
from restem.training import checkpoints
from restem.training.checks import Check
from restem.training.dataset import collate
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

LR_FLOOR = 0.05  # the cosine ends at this share of the peak
ADAM_BETAS = (0.9, 0.98)  # remember squared gradients for 50 updates: a run has hundreds
MAX_GRAD_NORM = 1.0
CURVE_POINTS = 500  # updates logged, at most, each with the mean loss since the one before


def build(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, plan: Plan, seed: int
) -> Trainer:
    """A Trainer that carries the plan out. It prints nothing; `plan.on_step` hears of updates."""
    from transformers import PrinterCallback

    trainer = _trainer_class()(
        model=model,
        args=_arguments(plan, seed, use_cache=bool(getattr(model.config, "use_cache", True))),
        data_collator=partial(collate, skip=len(plan.prefix), pad=tokenizer.eos_token_id),
        processing_class=tokenizer,
        callbacks=[_rhythm_class()(plan)],
    )
    trainer.plan = plan
    trainer.model_accepts_loss_kwargs = True  # compute_loss divides by the number of items itself
    trainer.remove_callback(PrinterCallback)
    return trainer


def _arguments(plan: Plan, seed: int, use_cache: bool) -> TrainingArguments:
    import torch
    from transformers import TrainingArguments

    arguments = TrainingArguments(
        output_dir=str(plan.work_dir),
        num_train_epochs=plan.max_epochs,
        learning_rate=plan.train.lr,
        weight_decay=plan.train.weight_decay,
        warmup_steps=round(plan.train.warmup_ratio * plan.num_updates),
        lr_scheduler_type="cosine_warmup_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": LR_FLOOR},
        optim="adamw_torch_fused",
        adam_beta1=ADAM_BETAS[0],
        adam_beta2=ADAM_BETAS[1],
        max_grad_norm=MAX_GRAD_NORM,
        seed=seed % 2**32,
        logging_steps=math.ceil(plan.num_updates / CURVE_POINTS),
        logging_nan_inf_filter=False,  # a NaN ends the training here, see compute_loss
        save_strategy="no",  # the rhythm says when
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cache=use_cache,  # it is written into the exported config
        use_cpu=not torch.cuda.is_available(),
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # several visible GPUs would mean nn.DataParallel
    return arguments


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
    import torch
    from transformers import Trainer

    class MStep(Trainer):  # type: ignore[misc]  # transformers is untyped here
        plan: Plan
        rows: torch.Tensor

        def get_train_dataloader(self) -> object:
            rows = list(enumerate(self.plan.examples))
            return self.accelerator.prepare(
                torch.utils.data.DataLoader(
                    rows, batch_sampler=self.plan.batches, collate_fn=self.data_collator
                )
            )

        def _get_num_items_in_batch(self, batches: list[Batch], device: object) -> torch.Tensor:
            weight = torch.tensor(sum(batch["target_weight"] for batch in batches), device=device)
            return self.accelerator.gather(weight).sum()

        def compute_loss(
            self, model: PreTrainedModel, inputs: Batch, num_items_in_batch: torch.Tensor
        ) -> torch.Tensor:
            nll = weighted_nll(model, inputs, self.plan.prefix)
            # processes average their gradients; the sum over them is wanted
            loss = nll / num_items_in_batch * self.accelerator.num_processes
            self.plan.loss, self.rows = loss.item(), inputs["rows"]
            _refuse_nan(self, "loss", self.plan.loss)
            return loss

        def _clip_grad_norm(self, model: PreTrainedModel) -> torch.Tensor:
            norm = super()._clip_grad_norm(model)
            _refuse_nan(self, "gradient norm", float(norm))
            return norm

        def _save_checkpoint(self, model: PreTrainedModel, trial: object) -> None:
            with _disk_errors(self.plan):
                super()._save_checkpoint(model, trial)
            _check(self)

        def _issue_warnings_after_load(self, load_result: object) -> None:
            self.model.tie_weights()  # a tied head is not stored and no reason to warn

        def floating_point_ops(self, inputs: Batch) -> int:
            return 0  # nobody reads it, and counting parameters takes a millisecond of every update

    return MStep


def _refuse_nan(trainer: Trainer, what: str, value: float) -> None:
    """Raises: EngineError with the update and its problems, before the weights are touched."""
    if math.isfinite(value):
        return
    plan: Plan = trainer.plan
    problems = sorted({plan.examples[row].problem_id for row in trainer.rows.tolist()})
    raise EngineError(
        f"the {what} is {value} at update {trainer.state.global_step + 1} "
        f"(problems {', '.join(problems)}). The last good checkpoint is kept. "
        f"Lower train.lr, now {plan.train.lr} (params.yaml)."
    )


@contextmanager
def _disk_errors(plan: Plan) -> Iterator[None]:
    """Raises: ResumeError where writing failed; torch and safetensors have own names for it."""
    from safetensors import SafetensorError

    try:
        yield
    except ResumeError:
        raise
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise ResumeError(
            f"cannot write a checkpoint in {plan.work_dir}: {reason}. "
            "Earlier ones are kept; free some space and run again."
        ) from error


def _check(trainer: Trainer) -> None:
    """Measure the reward of the checkpoint just written, declare it complete, and stop if due.

    Training goes on as if nothing had been measured: the random state is that of the checkpoint, as
    after a resume.
    """
    import torch

    plan, state = trainer.plan, trainer.state
    path = checkpoints.folder(plan.work_dir, state.global_step)
    threads = torch.get_num_threads()
    reward = plan.validate(path)
    assert 0 <= reward <= 1, f"validate returned {reward}"
    torch.set_num_threads(threads)
    trainer._load_rng_state(str(path))
    plan.checks.append(Check(state.global_step, state.epoch, reward))
    with _disk_errors(plan):
        checkpoints.complete(plan.work_dir, plan.key, plan.checks)
    if plan.is_over():
        trainer.control.should_training_stop = True
