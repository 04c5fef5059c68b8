"""Start vLLM for a model folder, in silence, and leave the process as it was."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from restem.core.errors import EngineError
from restem.core.params import Machine
from restem.sampling.loading import first_line

if TYPE_CHECKING:
    from vllm import LLMEngine

_CPU_KV_CACHE_GB = 1.0
"""Without a size vLLM takes nearly all the memory of a NUMA node."""
_QUIET = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}


def load(model_dir: Path, machine: Machine, gpu: bool) -> LLMEngine:
    """vLLM with the model; on a CPU in this process."""
    from vllm import LLM

    options: dict[str, object] = {
        "generation_config": "vllm",  # what the folder says about sampling plays no part
        "logprobs_mode": "raw_logprobs",
        "enable_prefix_caching": True,
        "max_model_len": -1,  # the model's context, or what the memory for keys and values holds
        "use_tqdm_on_load": False,
        "seed": 0,
    }
    cache_gb = machine.kv_cache_gb or (0.0 if gpu else _CPU_KV_CACHE_GB)
    if cache_gb:
        options["kv_cache_memory_bytes"] = int(cache_gb * 2**30)
    if gpu:
        options["dtype"] = "auto"
        options["tensor_parallel_size"] = machine.tensor_parallel
        options["gpu_memory_utilization"] = machine.gpu_memory
    else:
        options["dtype"] = "float32"
        options["block_size"] = 32  # a prefix is shared in whole blocks; vLLM's 128 cost a fifth
        options["enforce_eager"] = True  # compiling takes a minute and gains nothing here
        # A prompt that is computed in parts rewinds the generator of its request, which generators
        # of the CPU cannot do ("CPU Generator does not use offset"). A whole one always fits: vLLM
        # then raises max_num_batched_tokens to max_model_len by itself.
        options["enable_chunked_prefill"] = False
    engine: LLMEngine = LLM(str(model_dir), **options).llm_engine
    return engine


@contextmanager
def prepared(model_dir: Path, gpu: bool) -> Iterator[None]:
    """What is imported and loaded inside finds the environment it needs and says nothing.

    vLLM sets variables for processes below, LD_PRELOAD among them, and switches
    torch.set_num_threads off: both are put back. Raises: EngineError of one line for whatever is
    raised inside.
    """
    before = dict(os.environ)
    os.environ.update(_QUIET | before)
    if not gpu:
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    import torch

    set_num_threads = torch.set_num_threads
    talker = logging.getLogger("torch")
    level = talker.level
    talker.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except EngineError:
        raise
    except Exception as error:
        raise EngineError(
            f"vLLM cannot serve {model_dir}: {reason(error)} Set `engine: hf` in params.yaml, or "
            "give vLLM another model or more memory (section machine)."
        ) from error
    finally:
        torch.set_num_threads = set_num_threads
        talker.setLevel(level)
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def reason(error: Exception) -> str:
    """The line that says what is wrong; errors of pydantic begin with one that does not."""
    mark = "Value error, "
    lines = (line.strip() for line in str(error).splitlines())
    found = next((line.removeprefix(mark) for line in lines if line.startswith(mark)), None)
    return (found or first_line(error)).rstrip(".") + "."
