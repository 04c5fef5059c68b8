"""What Hugging Face's Trainer and DeepSpeed are told: params.yaml in their words."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from restem.core.errors import EngineError
from restem.core.params import Train
from restem.training.plan import Plan

if TYPE_CHECKING:
    from transformers import TrainingArguments

LR_FLOOR = 0.05  # the cosine ends at this share of the peak
ADAM_BETAS = (0.9, 0.98)  # remember squared gradients for 50 updates: a run has hundreds
MAX_GRAD_NORM = 1.0
CURVE_POINTS = 500  # updates logged, at most, each with the mean loss since the one before
SCHEDULES: dict[str, tuple[str, dict[str, float]]] = {
    "cosine": ("cosine_warmup_with_min_lr", {"min_lr_rate": LR_FLOOR}),
    "linear": ("linear", {}),
    "constant": ("constant_with_warmup", {}),
}


def arguments(plan: Plan, seed: int, use_cache: bool) -> TrainingArguments:
    """Of one process."""
    import torch
    from transformers import TrainingArguments

    train, on_gpu = plan.train, torch.cuda.is_available()
    schedule, more = SCHEDULES[train.schedule]
    made = TrainingArguments(
        output_dir=str(plan.work_dir),
        num_train_epochs=plan.max_epochs,
        learning_rate=train.lr,
        weight_decay=train.weight_decay,
        warmup_steps=round(train.warmup_ratio * plan.num_updates),
        lr_scheduler_type=schedule,
        lr_scheduler_kwargs=more,
        optim="adamw_torch_fused" if train.deepspeed == "off" else "adamw_torch",
        adam_beta1=ADAM_BETAS[0],
        adam_beta2=ADAM_BETAS[1],
        max_grad_norm=MAX_GRAD_NORM,
        per_device_train_batch_size=1,  # an item of our loader is a whole pass
        gradient_accumulation_steps=train.accumulate,
        gradient_checkpointing=train.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        bf16=train.precision == "bf16",
        torch_compile=train.compile,
        deepspeed=deepspeed_config(train),
        ddp_backend=None if on_gpu or plan.processes == 1 else "gloo",
        ddp_find_unused_parameters=False,
        seed=seed % 2**32,
        logging_steps=math.ceil(plan.num_updates / CURVE_POINTS),
        logging_nan_inf_filter=False,  # a NaN ends the training, see compute_loss
        save_strategy="no",  # the rhythm says when
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cache=use_cache,  # it is written into the exported config
        use_cpu=not on_gpu,
        dataloader_pin_memory=on_gpu,
    )
    made._n_gpu = min(1, made.n_gpu)  # several visible GPUs would mean nn.DataParallel
    return made


@contextmanager
def partitioned(train: Train) -> Iterator[None]:
    """Inside, ZeRO-3 spreads the weights of a model over the processes while it is loaded.

    Raises: EngineError if DeepSpeed is wanted and not installed.
    """
    import torch

    if not torch.cuda.is_available():  # accelerate imports DeepSpeed wherever it is installed
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    config = deepspeed_config(train)
    if config:
        _prepare_deepspeed()
        from transformers.integrations import HfDeepSpeedConfig

        kept = HfDeepSpeedConfig(config)  # transformers knows it as long as it lives
        yield
        del kept
    else:
        yield


def deepspeed_config(train: Train) -> dict[str, object] | None:
    """DeepSpeed's configuration, None without it. The optimizer is PyTorch's AdamW: DeepSpeed's own
    needs a compiler."""
    if train.deepspeed == "off":
        return None
    stage = int(train.deepspeed.removeprefix("zero"))
    zero: dict[str, object] = {"stage": stage}
    if stage == 3:
        zero["stage3_gather_16bit_weights_on_model_save"] = True
    if train.offload:
        zero["offload_optimizer"] = {"device": "cpu"}
        if stage == 3:
            zero["offload_param"] = {"device": "cpu"}
    return {
        "train_micro_batch_size_per_gpu": 1,  # an item of our loader is a whole pass
        "gradient_accumulation_steps": train.accumulate,
        "gradient_clipping": MAX_GRAD_NORM,
        "bf16": {"enabled": train.precision == "bf16"},
        "data_types": {"grad_accum_dtype": "fp32"},  # several passes are summed as one would be
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "steps_per_print": 10**9,
    }


def _prepare_deepspeed() -> None:
    """Raises: EngineError."""
    try:
        import deepspeed.ops
    except ImportError as error:
        raise EngineError(
            "DeepSpeed is not installed. Run `make engines`, on a machine with NVIDIA GPUs "
            "`make gpu`, or set train.deepspeed to off (params.yaml)."
        ) from error
    # Serves inference only, and would want a C++ compiler.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
