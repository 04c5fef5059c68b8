"""Small trials of a run's dear parts, timed: drawing, verdicts, updates of training.

Of the drawing the shards are kept, in their store; of the rest nothing.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from restem.core import plugins
from restem.core.judging import reward_name
from restem.core.params import Params
from restem.core.protocols import Shard
from restem.core.records import FAULTS, Problem, SampleRow, ScoredRow, TrainRow, complete
from restem.core.seeds import seed_for
from restem.sampling.contract import engine_name
from restem.sampling.drawing import Drawing
from restem.sampling.loading import load_vocabulary, on_gpu
from restem.training.batches import Updates as Batches
from restem.training.dataset import encode, into_rows, shared_prefix
from restem.training.job import Job
from restem.training.loop import train

UPDATES, WARM_UP = 12, 3  # updates that are run, and how many of these are not timed
Rows = list[ScoredRow]


@dataclass(frozen=True, slots=True)
class Speed:
    """Of the engine; seconds of wall time."""

    start_s: float
    load_s: float
    rate: float | None
    """Tokens per second, of all lanes; None where too little was left to draw."""
    busy: float | None
    """CPU time of a lane while the speed was measured, as a share of the wall time."""
    lanes: int
    """Copies of the model that work side by side."""
    width: int
    """Cores or GPUs that the engine takes."""
    unit: str


@dataclass(frozen=True, slots=True)
class Grading:
    """What verdicts take."""

    start_s: float
    """Wall time until the workers are up."""
    wall_s: float
    """Per sample, as `cpu_s`."""
    cpu_s: float
    counted: bool
    """Whether the CPU seconds were counted; else they are wall time x workers."""
    faults: int
    """Verdicts that are the verifier's fault."""


@dataclass(frozen=True, slots=True)
class Updates:
    """What training on solutions like those of the slice takes."""

    row_tokens: float
    """Prompt and solution, per row."""
    row_updates: float
    """Updates per row."""
    update_s: float | None
    """Wall time of one; None where it could not be measured."""


def lanes_of(params: Params) -> int:
    """Copies of the model that work side by side; of vLLM one, which batches by itself."""
    if engine_name(params) == "vllm":
        return 1
    return params.machine.workers or (1 if on_gpu() else len(os.sched_getaffinity(0)))


def draw(
    params: Params, iteration: str, drawing: Drawing, shards: Sequence[Shard], lanes: int
) -> Speed:
    """Draw what is missing. The first shard of every lane brings it up, the others are timed."""
    missing = [shard for shard in shards if not drawing.store.has(shard)]
    kept = [shard for shard in shards if drawing.store.has(shard)]
    ends, cpus, tokens = [time.monotonic()], [0.0], [0]
    for part in ([*kept, *missing[:lanes]], missing[lanes:]):
        for _ in drawing.draw(f"plan-cost: sample@{iteration}", partial(list, part)):
            pass
        ends.append(time.monotonic())
        cpus.append(_cpu_seconds())
        tokens.append(drawing.num_tokens)
    rate = busy = None
    if tokens[2] > tokens[1]:
        rate = (tokens[2] - tokens[1]) / (ends[2] - ends[1])
        busy = (cpus[2] - cpus[1]) / (ends[2] - ends[1]) / lanes
    load = drawing.seconds["load"]
    start = max(0.0, ends[1] - ends[0] - load - tokens[1] / rate) if rate else 0.0
    gpu = on_gpu()
    whole = len(os.sched_getaffinity(0)) if engine_name(params) == "vllm" else lanes
    width = params.machine.tensor_parallel * lanes if gpu else whole
    return Speed(start, load, rate, busy, lanes, width, "GPU" if gpu else "core")


def judge(params: Params, by_id: dict[str, Problem], rows: list[SampleRow]) -> tuple[Rows, Grading]:
    """The first quarter brings up the workers and is timed as their start, beyond its share."""
    used = [by_id[key] for key in dict.fromkeys(row.problem_id for row in rows)]
    module = plugins.load("reward", reward_name(params.reward, used))
    first = next((i for i, r in enumerate(rows) if 4 * i >= len(rows)
                  and r.problem_id != rows[i - 1].problem_id), 0)  # fmt: skip
    times = [(time.monotonic(), _cpu_seconds())]
    scored: Rows = []
    with module.open_reward(params.score, params.machine) as reward:
        for part in (rows[:first], rows[first:]):
            texts = [row.text for row in part]
            verdicts = reward.score([by_id[row.problem_id] for row in part], texts)
            for row, raw in zip(part, verdicts, strict=True):
                verdict = complete(raw, row.finish_reason)
                scored.append(ScoredRow(**asdict(row), **asdict(verdict), grader=reward.grader))
            times.append((time.monotonic(), _cpu_seconds()))
    (began, _), (warm, cpu_warm), (ended, cpu_ended) = times
    timed = len(rows) - first
    wall, cpu = (ended - warm) / timed, (cpu_ended - cpu_warm) / timed
    workers = params.machine.workers or len(os.sched_getaffinity(0))
    here = params.score.cluster == "local"  # else the work is done elsewhere and not counted here
    return scored, Grading(
        start_s=max(0.0, warm - began - first * wall),
        wall_s=wall,
        cpu_s=cpu if here else wall * workers,
        counted=here,
        faults=sum(row.outcome in FAULTS for row in scored),
    )


def _cpu_seconds() -> float:
    """Of this process and all below it, those that ended and were waited for included."""
    import psutil

    me, total = psutil.Process(), 0.0
    for process in [me, *me.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])  # user, system, and of waited-for children
    return total


def parameters_of(model_dir: Path) -> float:
    """Parameters, by the headers of the safetensors files; else two bytes are taken for one."""
    from safetensors import safe_open

    total = 0
    for path in model_dir.glob("*.safetensors"):
        with safe_open(path, "numpy") as file:
            total += sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    return total or sum(path.stat().st_size for path in model_dir.glob("*.bin")) / 2


class _EnoughError(Exception):
    """Ends a training that was only begun to be timed."""


def updates_of(
    params: Params, start: Path, rows: list[TrainRow], update_s: float | None = None
) -> Updates | None:
    """Of training on rows like these; a few updates are run unless their time is handed in."""
    if not rows:
        return None
    tokenizer, _, context = load_vocabulary(start)
    longest = min(params.train.max_length, context or params.train.max_length)
    examples, _ = encode(rows, tokenizer, longest)
    skip, budget = len(shared_prefix(examples)), params.train.batch_tokens
    shared = into_rows(examples, longest, params.train.share_prompts)
    per_epoch = Batches([row.length - skip for row in shared], budget, 0).per_epoch
    tokens = sum(row.length for row in shared) / len(examples)
    epochs = math.ceil((UPDATES + 1) / per_epoch)  # so that it is never at its end
    timed = update_s or _time_updates(params, start, rows, epochs)
    return Updates(tokens, per_epoch / len(rows), timed)


def _time_updates(params: Params, start: Path, rows: list[TrainRow], epochs: int) -> float | None:
    """Wall time of one update, by the real training; None if it ran out of memory or room."""
    if params.train.cluster == "ray":
        return None  # a cluster's time is not to be had for a trial
    ends: list[tuple[int, float]] = []  # updates done, and when: several processes tell of some

    def on_step(done: int, total: int, live: str) -> None:
        if done >= WARM_UP:
            ends.append((done, time.monotonic()))
        if done >= UPDATES:
            raise _EnoughError

    with tempfile.TemporaryDirectory(prefix="restem-plan-cost-") as folder:
        job = Job(start, Path(params.model).name, Path(folder, "out"), Path(folder, "work"), rows,
                  replace(params.train, checks_per_epoch=1, patience=epochs), epochs,
                  seed_for(params.seed, "train", "1") % 2**31)  # fmt: skip
        with suppress(_EnoughError, RuntimeError):  # torch's way to say that memory ran out
            train(job, lambda _: 0.0, on_step)
    if len(ends) < 2:
        return None
    (first, started), (last, ended) = ends[0], ends[-1]
    return (ended - started) / (last - first)
