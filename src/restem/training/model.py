"""Models as they are read, adapted, and made whole again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from restem.core import storage
from restem.core.disk import unwritable
from restem.core.errors import EngineError
from restem.core.params import Train

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

ADAPTER = "adapter_config.json"  # PEFT's
MERGED = "merged"


def load_tokenizer(model_dir: Path) -> tuple[PreTrainedConfig, PreTrainedTokenizerBase]:
    """Settings and tokenizer of a folder. Raises: EngineError."""
    from transformers import AutoConfig, AutoTokenizer

    if not (model_dir / "config.json").is_file():
        raise EngineError(f"{model_dir} is no Hugging Face model folder (no config.json)")
    try:
        return AutoConfig.from_pretrained(model_dir), AutoTokenizer.from_pretrained(model_dir)
    except (OSError, ValueError) as error:
        raise _unusable(model_dir, error) from error


def load(model_dir: Path, attention: str = "eager", precision: str = "fp32") -> PreTrainedModel:
    """The model of a folder. Weights are trained in fp32 (`precision: bf16` computes with rounded
    copies); they are read as bf16 only to be exported.

    Raises: EngineError if there is none, or one that could not be saved again.
    """
    import torch
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    try:
        model = AutoModelForCausalLM.from_pretrained(
            model_dir, dtype=dtype, attn_implementation=attention
        )
        model.generation_config.validate(strict=True)  # as saving it does
    except (OSError, ValueError, ImportError) as error:
        raise _unusable(model_dir, error) from error
    return model


def _unusable(model_dir: Path, error: Exception) -> EngineError:
    return EngineError(f"{model_dir} cannot be trained: {' '.join(str(error).split())[:300]}")


def trainable(model: PreTrainedModel, train: Train, seed: int) -> PreTrainedModel:
    """The model with what is not to be trained frozen; with `lora`, adapters on all linear layers
    (their scale is 2, alpha = 2 x rank). Raises: EngineError if it has none."""
    if not train.lora:
        if train.freeze_embeddings:
            model.get_input_embeddings().weight.requires_grad_(False)
        return model
    from peft import LoraConfig, get_peft_model
    from transformers import set_seed

    set_seed(seed % 2**32)  # the same adapters in every process
    config = LoraConfig(
        r=train.lora, lora_alpha=2 * train.lora, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise EngineError(
            f"train.lora: {' '.join(str(error).split())[:200]}. Set it to 0 (params.yaml)."
        ) from error


def adapter(checkpoint: Path) -> list[Path]:
    """PEFT's files in a checkpoint, none without `lora`."""
    return sorted(checkpoint.glob("adapter_*"))


def whole(checkpoint: Path, init_dir: Path, base_name: str) -> Path:
    """A folder with all weights of a checkpoint: itself, or its adapter merged into the base.

    The adapter is left saying what it belongs to by name, not by a path of this machine.
    Raises: ResumeError when the disk is full.
    """
    if not (checkpoint / ADAPTER).is_file():
        return checkpoint
    if base_name == _base_of(checkpoint):  # the last thing that is written
        return checkpoint / MERGED
    from peft import PeftModel
    from safetensors import SafetensorError

    merged = PeftModel.from_pretrained(load(init_dir), checkpoint).merge_and_unload()
    try:
        _save_merged(merged, init_dir, base_name, checkpoint)
    except (OSError, SafetensorError) as error:
        raise unwritable(checkpoint / MERGED, error) from error
    return checkpoint / MERGED


def _base_of(checkpoint: Path) -> str:
    settings = json.loads((checkpoint / ADAPTER).read_text("utf-8"))
    return str(settings["base_model_name_or_path"])


def _save_merged(merged: PreTrainedModel, init_dir: Path, base_name: str, checkpoint: Path) -> None:
    from transformers import AutoTokenizer

    AutoTokenizer.from_pretrained(init_dir).save_pretrained(checkpoint / MERGED)
    merged.save_pretrained(checkpoint / MERGED)
    settings = json.loads((checkpoint / ADAPTER).read_text("utf-8"))
    settings["base_model_name_or_path"] = base_name
    settings["target_modules"] = sorted(settings["target_modules"])  # a set to PEFT
    storage.write_json(checkpoint / ADAPTER, settings)
