"""Load a Hugging Face model folder as a policy, or say in one line what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from restem.core.errors import EngineError
from restem.sampling.decode import Network, Policy
from restem.sampling.generic import Generic
from restem.sampling.llama import Llama, is_plain_llama
from restem.sampling.stops import StopFinder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_REMEDY = "Make it with `dvc repro`, or set `model` in params.yaml to a folder of save_pretrained."
_TOKENIZER_FILES = ("tokenizer*", "vocab*", "*.model", "*.tiktoken")


def check_folder(model_dir: Path) -> None:
    """What can be seen without loading anything (so without torch). Raises: EngineError."""
    if not model_dir.is_dir():
        raise EngineError(f"model folder {model_dir} is missing. {_REMEDY}")
    try:
        config = json.loads((model_dir / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = "is missing" if isinstance(error, OSError) else "is no JSON"
        raise EngineError(f"{model_dir}/config.json {reason}. {_REMEDY}") from error
    kinds = config.get("architectures") or []
    if kinds and not any("CausalLM" in k or "LMHead" in k or "Conditional" in k for k in kinds):
        raise EngineError(f"{model_dir} holds no causal language model but {kinds[0]}. {_REMEDY}")
    for what, patterns in (
        ("weights", ("*.safetensors", "*.bin")),
        ("tokenizer", _TOKENIZER_FILES),
    ):
        if not any(any(model_dir.glob(pattern)) for pattern in patterns):
            raise EngineError(
                f"{model_dir} has no {what} ({', '.join(patterns)} are missing). {_REMEDY}"
            )


def load_policy(model_dir: Path) -> Policy:
    """The model, on the GPU if there is one, and its tokenizer. Raises: EngineError."""
    from safetensors import SafetensorError

    check_folder(model_dir)
    try:
        with _quiet():
            model, tokenizer = _load(model_dir)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, SafetensorError) as error:
        if isinstance(error, EngineError):
            raise
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EngineError(f"cannot load {model_dir}: {reason} {_REMEDY}") from error
    network: Network = Llama(model) if is_plain_llama(model) else Generic(model)
    return Policy(
        network=network,
        tokenizer=tokenizer,
        end_ids=_end_ids(model, tokenizer, network.vocabulary),
        context=getattr(model.config.get_text_config(), "max_position_embeddings", None),
        stops=StopFinder(tokenizer, network.vocabulary),
    )


def _load(model_dir: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    on_gpu = torch.cuda.is_available()
    model, report = AutoModelForCausalLM.from_pretrained(
        model_dir,
        local_files_only=True,
        dtype="auto" if on_gpu else torch.float32,
        output_loading_info=True,
    )
    if report["missing_keys"]:
        some = min(report["missing_keys"])
        raise EngineError(
            f"{model_dir} holds no complete causal language model: {some} is missing. {_REMEDY}"
        )
    tokenizer = AutoTokenizer.from_pretrained(model_dir, local_files_only=True)
    return model.eval().to("cuda" if on_gpu else "cpu"), tokenizer


def _end_ids(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, vocabulary: int
) -> tuple[int, ...]:
    """Every token that ends a text, whichever file of the folder names it."""
    found: set[int] = set()
    for source in (model.generation_config, model.config.get_text_config(), tokenizer):
        ids = getattr(source, "eos_token_id", None)
        if ids is not None:
            found |= set(ids) if isinstance(ids, (list, tuple)) else {ids}
    return tuple(sorted(i for i in found if 0 <= i < vocabulary))


@contextmanager
def _quiet() -> Iterator[None]:
    """No bars and load reports of transformers; ours says what is going on."""
    from transformers.utils import logging

    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
