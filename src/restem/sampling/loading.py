"""Load a Hugging Face model folder as a policy, or say in one line what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
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
    check_folder(model_dir)
    with _readable(model_dir):
        model, tokenizer = _load(model_dir)
    network: Network = Llama(model) if is_plain_llama(model) else Generic(model)
    config = model.config.get_text_config()
    return Policy(
        network=network,
        tokenizer=tokenizer,
        end_ids=_end_ids((model.generation_config, config, tokenizer), network.vocabulary),
        context=_context(config),
        stops=StopFinder(tokenizer, network.vocabulary),
    )


def load_vocabulary(
    model_dir: Path,
) -> tuple[PreTrainedTokenizerBase, tuple[int, ...], int | None]:
    """All but the weights: `tokenizer`, `end_ids` and `context` of a Policy.

    Raises: EngineError.
    """
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    check_folder(model_dir)
    with _readable(model_dir):
        config = AutoConfig.from_pretrained(model_dir, local_files_only=True).get_text_config()
        tokenizer = AutoTokenizer.from_pretrained(model_dir, local_files_only=True)
        sources = [config, tokenizer]
        if (model_dir / "generation_config.json").exists():
            sources.append(GenerationConfig.from_pretrained(model_dir, local_files_only=True))
    return tokenizer, _end_ids(sources, config.vocab_size), _context(config)


def on_gpu() -> bool:
    """Whether models run on an NVIDIA GPU here, seen without importing torch."""
    return Path("/dev/nvidia0").exists() and not version("torch").endswith("+cpu")


@contextmanager
def _readable(model_dir: Path) -> Iterator[None]:
    """Loading in silence, and what goes wrong as an EngineError of one line."""
    from safetensors import SafetensorError

    try:
        with _quiet():
            yield
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, SafetensorError) as error:
        if isinstance(error, EngineError):
            raise
        raise EngineError(f"cannot load {model_dir}: {first_line(error)} {_REMEDY}") from error


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


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


def _end_ids(sources: Iterable[object], vocabulary: int) -> tuple[int, ...]:
    """Every token that ends a text, whichever file of the folder names it."""
    found: set[int] = set()
    for source in sources:
        ids = getattr(source, "eos_token_id", None)
        if ids is not None:
            found |= set(ids) if isinstance(ids, (list, tuple)) else {ids}
    return tuple(sorted(i for i in found if 0 <= i < vocabulary))


def _context(config: object) -> int | None:
    """See Policy."""
    context: int | None = getattr(config, "max_position_embeddings", None)
    return context


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
