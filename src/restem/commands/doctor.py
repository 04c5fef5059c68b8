"""What is installed, what would run, and what it would cost. Exit code 1 if something is missing.

examples
  python -m restem doctor             before a long run
  python -m restem doctor --json      the same for scripts
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from restem import __version__
from restem.commands import sizes
from restem.commands.checks import CHECKS
from restem.commands.cost import Cost, estimate
from restem.commands.remains import find
from restem.core import params as params_file
from restem.core import plugins
from restem.core.errors import DataError, ParamsError, RestemError, SandboxError
from restem.core.params import Params
from restem.core.processes import DVC, at_work, told
from restem.training.settings import deepspeed_config

PACKAGES = (
    "torch", "transformers", "accelerate", "datasets", "pyarrow", "math-verify", "sympy", "mlflow",
    "dvc", "hydra-core", "omegaconf", "matplotlib", "peft",
)  # fmt: skip
DVC_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Lines to show. Raises: DataError at the end if something is missing."""
    params, problem = _params()
    checks = [*_installed(), *_machine(), *left_behind(), problem, *_plugged_in(params),
              *_fitting(params)]  # fmt: skip
    stages, remark = _changed_stages()
    costs, basis = estimate(params) if params else ([], "")
    if arguments.json:
        yield json.dumps({"version": __version__, "checks": [asdict(check) for check in checks],
                          "changed_stages": stages, "dvc": remark,
                          "cost": [asdict(cost) for cost in costs], "basis": basis})  # fmt: skip
    else:
        yield f"restem {__version__}, Python {platform.python_version()}, {platform.platform()}"
        yield from (f"  {'ok' if c.ok else 'NOT OK':<8} {c.name:<14} {c.text}" for c in checks)
        yield ""
        yield from _stage_lines(stages, remark)
        yield ""
        yield from _cost_lines(costs, basis, params)
        yield from _deepspeed_lines(params)
    if missing := [check.name for check in checks if not check.ok]:
        raise DataError(f"not in order: {', '.join(missing)}; the lines above say what to do")


def _installed() -> Iterator[Check]:
    """Packages, git, and the repository."""
    for package in PACKAGES:
        try:
            yield Check(package, True, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Check(package, False, "not installed; `make` in the repository root installs it")
    git = shutil.which("git")
    yield Check("git", git is not None, git or "not found; DVC needs it")
    here = Path("dvc.yaml").is_file() and Path(".dvc").is_dir()
    text = str(Path.cwd()) if here else "no dvc.yaml and .dvc here; run from the repository root"
    yield Check("repository", here, text)


def left_behind() -> Iterator[Check]:
    """What a killed run left that would stop `dvc repro`; nothing that a living one is writing."""
    busy = {owner.kind: owner for owner in at_work(Path.cwd().resolve())}
    if DVC in busy:
        yield Check("at work", True, told(busy[DVC]))
    for remain in find(Path.cwd()):
        if remain.owners & busy.keys():
            continue
        text = f"{remain.what}; {remain.advice or '`restem repair` mends it'}"
        yield Check(os.path.relpath(remain.path), not remain.stops, text)


def _machine() -> Iterator[Check]:
    """What the work would run on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    yield Check("machine", True, f"{os.cpu_count()} cores, {memory:.1f} GB memory, {_device()}")


def _gpus() -> int:
    if not sizes.has_gpu():
        return 0
    try:
        import torch
    except ImportError:
        return 0
    return int(torch.cuda.device_count())


def _device() -> str:
    if not sizes.has_gpu():
        return "no GPU"
    try:
        import torch
    except ImportError:
        return "no torch"
    if not torch.cuda.is_available():
        return "torch on the CPU"
    return f"torch on {torch.cuda.device_count()} x {torch.cuda.get_device_name(0)}"


def _params() -> tuple[Params | None, Check]:
    """params.yaml, or what is wrong with it."""
    try:
        params = params_file.load()
    except ParamsError as error:
        return None, Check("params.yaml", False, str(error))
    return params, Check("params.yaml", True, f"valid; iters: {params.iters}")


def _plugged_in(params: Params | None) -> Iterator[Check]:
    """The files that task, engine and reward name, those there are besides, and the model."""
    for kind in plugins.KINDS if params else ():
        known = ", ".join(plugins.names(kind))
        wanted = getattr(params, kind)
        ok = plugins.is_known(kind, wanted)
        yield Check(kind, ok, f"{wanted} ({'there is' if ok else 'unknown; there is'} {known})")
    if params:
        yield _sandbox(params)
        yield from _training(params)


def _fitting(params: Params | None) -> Iterator[Check]:
    """What params.yaml names, and the sizes, where all of it is known."""
    if params is None or not all(plugins.is_known(k, getattr(params, k)) for k in plugins.KINDS):
        return
    failed = False
    for name, look in CHECKS.items():
        yield (check := _looked(name, look, params))
        failed = failed or not check.ok
    if not failed:
        yield from (_looked(name, look, params) for name, look in sizes.CHECKS.items())


def _looked(name: str, look: Callable[[Params], str], params: Params) -> Check:
    try:
        return Check(name, True, look(params))
    except RestemError as error:
        return Check(name, False, " ".join(str(error).split()))


def _training(params: Params) -> Iterator[Check]:
    """Trainings that this machine cannot do."""
    train, gpus, cores = params.train, _gpus(), len(os.sched_getaffinity(0))
    if train.processes > (there := gpus or cores) and train.cluster == "local":
        kind = "GPUs" if gpus else "cores"
        yield Check(
            "processes", False, f"train.processes is {train.processes}, {there} {kind} here"
        )
    if train.attention == "flex_attention" and not gpus:
        yield Check("attention", False, "train.attention: flex_attention trains on GPUs only")


def _sandbox(params: Params) -> Check:
    """What programs would run in; a task without programs does without."""
    from restem.rewards.sandbox.tiers import describe, open_boxes

    known = plugins.is_known("task", params.task)
    needed = known and "code" in plugins.load("task", params.task).REWARDS
    try:
        with open_boxes(params.score.sandbox, params.score.unsafe_no_sandbox, 1) as boxes:
            return Check("sandbox", True, describe(boxes))
    except SandboxError as error:
        return Check("sandbox", not needed, f"{error}{'' if needed else ' (not needed here)'}")


def _changed_stages() -> tuple[list[str], str]:
    """Stages whose inputs or outputs changed, and why that is not known."""
    words = [sys.executable, "-m", "dvc", "status", "--json"]
    try:
        answer = subprocess.run(
            words, capture_output=True, text=True, timeout=DVC_TIMEOUT_S, check=False
        )
        changed = json.loads(answer.stdout) if answer.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        return [], f"dvc status failed: {' '.join(str(error).split())[:120]}"
    if not isinstance(changed, dict):
        said = answer.stderr.strip().splitlines() or ["no answer"]
        return [], f"dvc status failed: {said[0]}"
    return list(changed), ""


def _stage_lines(stages: Sequence[str], remark: str) -> Iterator[str]:
    grouped: dict[str, list[str]] = {}
    for name, _, key in (stage.partition("@") for stage in stages):
        grouped.setdefault(name, []).extend([key] if key else [])
    if remark:
        yield remark
    elif not stages:
        yield "nothing would run: data and pipelines are up to date"
    else:
        names = [f"{name}@{','.join(keys)}" if keys else name for name, keys in grouped.items()]
        yield f"`dvc repro` would run {' '.join(names)}, and what their results change besides"


def _cost_lines(costs: Sequence[Cost], basis: str, params: Params | None) -> Iterator[str]:
    """The estimate as a table, for a run in which nothing is cached."""
    if params is None:
        yield "no estimate without a valid params.yaml"
        return
    head = ("solutions at most", "tokens at most", "CPU time, expected")
    yield f"{'from nothing':<14}{head[0]:>20}{head[1]:>18}{head[2]:>22}"
    for cost in costs:
        time = "?" if cost.cpu_s is None else _duration(cost.cpu_s)
        yield f"  {cost.step:<12}{cost.solutions:>20,}{cost.tokens:>18,}{time:>22}"
    known = [cost.cpu_s for cost in costs if cost.cpu_s is not None]
    total = _duration(sum(known)) if known else "?"
    yield f"  {'all':<12}{'':>20}{sum(cost.tokens for cost in costs):>18,}{total:>22}"
    yield f"An estimate: {basis}."


def _deepspeed_lines(params: Params | None) -> Iterator[str]:
    """What DeepSpeed is told, if it is used."""
    if params and (config := deepspeed_config(params.train)):
        yield ""
        yield f"DeepSpeed ({params.train.processes or 'one per GPU'} processes) is configured with"
        yield json.dumps(config, indent=2)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
