"""Compare what the run of params.yaml needs at least with what there is: disk, memory, context.

Every number is a lower bound, so that a run is refused only where it must fail.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from restem.commands.checks import few_problems, parameters_of
from restem.commands.cost import CHECKPOINTS, FLOAT_BYTES, STATE_FLOATS, estimate
from restem.core import disk, layout
from restem.core.errors import DataError, EngineError
from restem.core.params import Params, Train

DISK_BYTES = 1e9  # a default run with its cache, without models that are named and samples
TOKEN_BYTES = 2  # of a sampled token in all tables and in the store, compressed
PROMPTS = 50  # the longest ones are counted in tokens


def check_disk(params: Params) -> str:
    """Raises: DataError."""
    tokens = sum(cost.tokens for cost in estimate(params)[0] if cost.step in ("sample", "eval"))
    models = _models(params)
    need = DISK_BYTES + tokens * TOKEN_BYTES + models
    free = disk.free(Path()) + _held()
    text = f"{disk.size(free)} free, a run from nothing takes {disk.size(need)} or more"
    if need > free:
        much = f" (models and checkpoints {disk.size(models)})" if models > need / 2 else ""
        raise DataError(
            f"{text}{much}, in {Path.cwd()}. Free some (`restem store ls`), or lower iters, "
            "samples_per_problem or the size of the model (params.yaml)."
        )
    return text


def _models(params: Params) -> float:
    """Bytes of the copy of the base, of a policy per training, and of one training's checkpoints.

    DVC's cache holds the same bytes, by hard links.
    """
    if params.model == "tiny":
        return 0.0
    base, count = Path(params.model), parameters_of(Path(params.model))
    trainings = params.iters + (params.human.max_epochs > 0)
    policy = count * (FLOAT_BYTES if params.train.precision == "fp32" else 2)
    state = 1 if params.train.lora else STATE_FLOATS
    checkpoints = CHECKPOINTS * state * FLOAT_BYTES * count if trainings else 0
    return _bytes(base) + trainings * policy + checkpoints


def _held() -> float:
    """Bytes of models that the run replaces and DVC does not hold as well."""
    files = (file for file in Path("models").rglob("*") if file.is_file())
    return sum(stat.st_size for file in files if (stat := file.stat()).st_nlink == 1)


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def check_memory(params: Params) -> str:
    """On a CPU, of the engine's workers and of training. Raises: EngineError."""
    if params.model == "tiny" or has_gpu():
        return "not compared"
    count = parameters_of(Path(params.model))
    cores = len(os.sched_getaffinity(0))
    workers = 1 if params.engine != "hf" else params.machine.workers or cores
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needs = {
        f"sampling with {workers} workers (machine.workers)": count * FLOAT_BYTES * workers,
        "training (less with train.lora)": training_bytes(count, params.train),
    }
    for what, need in needs.items():
        if need > there:
            raise EngineError(
                f"{what} takes {disk.size(need)} of memory for the model's "
                f"{count / 1e9:.2g} billion parameters, this machine has {disk.size(there)}. "
                "Take a smaller model, or a machine with GPUs (docs/from-laptop-to-cluster.md)."
            )
    return f"{disk.size(max(needs.values()))} or more of {disk.size(there)}"


def training_bytes(count: float, train: Train) -> float:
    """Weights, gradients and AdamW's two moments in fp32, over all processes of this machine."""
    if train.cluster == "ray":
        return 0.0
    if train.lora:
        return count * FLOAT_BYTES
    copies = train.processes if train.deepspeed == "off" else 1
    return 4 * FLOAT_BYTES * count * max(1, copies)


def check_context(params: Params) -> str:
    """Raises: EngineError if the longest prompt leaves too little room."""
    folder = layout.model("0") if params.model == "tiny" else Path(params.model)
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return "not known before stage base"
    context = config.get("text_config", config).get("max_position_embeddings")
    if not context or not (folder / "tokenizer.json").is_file():
        return "not known"
    from tokenizers import Tokenizer

    problems = sorted(few_problems(params), key=lambda p: -len(p.prompt))[:PROMPTS]
    encode = Tokenizer.from_file(str(folder / "tokenizer.json")).encode
    longest = max((len(encode(p.prompt).ids) for p in problems), default=0)
    room = params.eval.max_new_tokens
    key = "eval.max_new_tokens"
    if params.engine != "replay" and params.sample.max_new_tokens > room:
        room, key = params.sample.max_new_tokens, "sample.max_new_tokens"
    if longest + room > context:
        raise EngineError(
            f"{longest} prompt tokens + {key} {room} exceed the model's context of {context} "
            f"({folder}/config.json). Lower {key} or data.few_shot (now {params.data.few_shot}) "
            "in params.yaml."
        )
    return f"{longest} prompt tokens + {key} {room} of {context}"


def has_gpu() -> bool:
    """Whether there may be a GPU: else torch need not be asked."""
    return any(map(os.path.exists, ("/dev/nvidiactl", "/dev/kfd")))


CHECKS: dict[str, Callable[[Params], str]] = {
    "disk": check_disk,
    "memory": check_memory,
    "context": check_context,
}
