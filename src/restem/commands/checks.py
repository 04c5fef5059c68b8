"""Check that what params.yaml names is there and fits together, in a second or two.

Stage `inputs` ends with these checks: it runs whenever a parameter has changed, and before DVC
deletes an output that depends on them. `restem doctor` shows all of them.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from restem.core import plugins
from restem.core.errors import DataError, EngineError, ParamsError
from restem.core.judging import AUTO, reward_name
from restem.core.params import Data, Params
from restem.core.records import Problem
from restem.sampling import replay, vllm
from restem.sampling.loading import check_folder
from restem.tasks.choice import check_reward, transfer_sets

log = logging.getLogger(__name__)
MOST_BYTES = 50_000_000  # of files that are read whole; of larger ones only the start

FLASH = "flash_attention_2"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_INSTALL = "Run `make engines`, on a machine with NVIDIA GPUs `make gpu`"


def check(params: Params, settled: bool = False) -> None:
    """Raises: DataError, EngineError, ParamsError for the first thing that cannot work.

    settled: everything was made with these values already, here or where a clone came from. Then a
    model or a library that is missing here only gets a warning.
    """
    for look in CHECKS.values():
        try:
            look(params)
        except EngineError as error:
            if not settled:
                raise
            log.warning("inputs: %s", error)


def check_data(params: Params) -> str:
    """The task's files and the reward; what was found. Raises: DataError, ParamsError."""
    folder, task = Path(params.data.path), plugins.load("task", params.task)
    if params.reward != AUTO:
        check_reward(params.task, task, params.reward)
    with _quiet_tasks():
        if problems := few_problems(params):
            check_reward(params.task, task, reward_name(params.reward, problems))
        elif hasattr(task, "exemplars"):
            task.exemplars(params.data)
        for name, data in transfer_sets(params.data).items():
            _check_transfer(name, data)
    if not folder.exists():  # DVC wants it, even where the task reads nothing
        raise DataError(
            f"data.path: there is no {folder} (params.yaml). Name a folder that is there; "
            "of the embedded worlds it is src/restem/worlds."
        )
    return f"{folder}, for task {params.task}"


def few_problems(params: Params) -> list[Problem]:
    """D_val and a problem each of D and test; none where the files are large.

    Raises: DataError, ParamsError.
    """
    if _bytes_in(Path(params.data.path)) > MOST_BYTES:
        return []
    few = replace(params.data, train_problems=1, test_problems=1, transfer_problems=0)
    with _quiet_tasks():
        splits = plugins.load("task", params.task).problems(few)
    return [problem for problems in splits.values() for problem in problems]


def _check_transfer(name: str, data: Data) -> None:
    plugins.load("task", name).held_out(replace(data, test_problems=1))


def check_replay(params: Params) -> str:
    """Recorded completions; what was found. Raises: DataError."""
    folder = Path(params.sample.replay)
    if not folder.is_dir():  # DVC wants it, whatever the engine
        raise DataError(
            f"sample.replay: there is no folder {folder} (params.yaml). "
            "Set it to data/replay, or to the folder with your recorded completions."
        )
    if params.engine != "replay":
        return "not used"
    for number in range(1, params.iters + 1):
        path = replay.find(folder / str(number))
        if path.stat().st_size <= MOST_BYTES:
            replay.read(path)
    return f"{folder}, for {params.iters} iterations"


def check_model(params: Params) -> str:
    """The model folder, without loading it; what was found. Raises: EngineError."""
    if params.model == "tiny":
        return "tiny, made by stage base"
    folder = Path(params.model)
    if not folder.is_dir():
        raise EngineError(_no_folder(params.model))
    check_folder(folder)
    if not any(folder.glob("*.safetensors")):
        raise EngineError(
            f"model: {folder} holds no *.safetensors weights (params.yaml). "
            "Save the model again with save_pretrained."
        )
    return f"{folder}, {parameters_of(folder) / 1e6:,.1f} million parameters"


def parameters_of(folder: Path) -> float:
    """Parameters, by the headers of the safetensors files; nothing else is read.

    Raises: EngineError for a file that is cut off.
    """
    total = 0
    for path in folder.glob("*.safetensors"):
        try:
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(min(length, MOST_BYTES)))
            ends = [value["data_offsets"][1] for key, value in header.items() if key[:2] != "__"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise EngineError(f"model: {path} is no safetensors file. Copy it again.") from error
        if path.stat().st_size < 8 + length + max(ends, default=0):
            raise EngineError(f"model: {path} is cut off. Copy it again.")
        total += sum(math.prod(v["shape"]) for k, v in header.items() if k[:2] != "__")
    return total


def _no_folder(model: str) -> str:
    wrong = f"model: there is no folder {model} (params.yaml)."
    if model.startswith("~"):
        return f"{wrong} ~ is not filled in: set it to {Path(model).expanduser()}."
    if not _HUB_NAME.fullmatch(model):
        return f'{wrong} Set it to a Hugging Face model folder on this machine, or to "tiny".'
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model, "config.json")
    if isinstance(found, str):
        return f"{wrong} The cache of Hugging Face has it: set it to {Path(found).parent}."
    return (
        f"{wrong} A name on the Hugging Face Hub is not looked up, and its cache here lacks it: "
        f"`hf download {model} --local-dir FOLDER`, then set it to FOLDER."
    )


def check_installed(params: Params) -> str:
    """Libraries that only some settings need; what was found. Raises: EngineError."""
    needed = _optional(params)
    for package, setting in needed:
        if importlib.util.find_spec(package) is None:
            how = _INSTALL if package != "flash_attn" else "It is not among our requirements"
            name = package.replace("_", "-")
            raise EngineError(
                f"{setting} needs {name}, which is not installed. {how}; or set another value "
                "(params.yaml)."
            )
    return ", ".join(sorted({package for package, _ in needed})) or "nothing more is needed"


def _optional(params: Params) -> list[tuple[str, str]]:
    """Package and the setting that needs it."""
    train = params.train
    elsewhere = "RAY_ADDRESS" in os.environ  # then only the nodes of that cluster need an engine
    wanted = [
        (params.engine == "vllm", "vllm", "engine: vllm"),
        (params.engine == "ray", "ray", "engine: ray"),
        (params.engine == "ray" and params.sample.ray_engine == "vllm" and not elsewhere,
         "vllm", "sample.ray_engine: vllm"),
        (params.score.cluster == "ray", "ray", "score.cluster: ray"),
        (train.cluster == "ray", "ray", "train.cluster: ray"),
        (train.check_engine == "vllm", "vllm", "train.check_engine: vllm"),
        (train.deepspeed != "off", "deepspeed", f"train.deepspeed: {train.deepspeed}"),
        (train.lora > 0, "peft", f"train.lora: {train.lora}"),
        (train.attention == FLASH, "flash_attn", f"train.attention: {FLASH}"),
    ]  # fmt: skip
    return [(package, setting) for needed, package, setting in wanted if needed]


def check_temperature(params: Params) -> str:
    """Whether the engine samples at what is asked for. Raises: ParamsError."""
    values = {"temperature": params.temperature, "eval.temperature": params.eval.temperature,
              "eval.maj_temperature": params.eval.maj_temperature}  # fmt: skip
    name = params.sample.ray_engine if params.engine == "ray" else params.engine
    low, high = vllm.LEAST_TEMPERATURE, vllm.MOST_TEMPERATURE
    for key, value in values.items():
        if name == "vllm" and not low <= value <= high:
            raise ParamsError(
                f"{key} must be {low:g} to {high:g} for vLLM, got {value} (params.yaml)."
            )
    return f"{params.temperature:g}"


CHECKS: dict[str, Callable[[Params], str]] = {
    "data": check_data,
    "replay": check_replay,
    "model": check_model,
    "installed": check_installed,
    "temperature": check_temperature,
}


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextmanager
def _quiet_tasks() -> Iterator[None]:
    """Stage `prepare` says what it leaves out."""
    log = logging.getLogger("restem.tasks")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
