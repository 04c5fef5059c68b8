"""What the run of params.yaml will cost, from a slice of it that is really run.

Draws some shards of iteration K (default 1) with the configured engine, judges their samples, and
trains a few updates on what is kept. The shards stay, and the run finds them done; nothing else
is written. It needs the problems and the policy: `dvc repro prepare base`.

Times are those of this machine under its present load. `prepare`, `base`, `audit` and `report`,
and the seconds DVC takes, are not in it.

examples
  python -m restem plan-cost                 before a long run
  python -m restem plan-cost --problems 256  narrower intervals
  python -m restem plan-cost --json          the same for scripts, in seconds and bytes
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from restem.commands.cost import (
    COLUMNS,
    FLOAT_BYTES,
    STATE_FLOATS,
    Stage,
    one_iteration,
    whole_run,
)
from restem.commands.slice import COUNTED, ESTIMATE, MEASURED, Amount, Slice, measure
from restem.core import params as params_file
from restem.core import plugins, ranges
from restem.core.errors import ParamsError
from restem.core.params import Params
from restem.sampling.shards import SAMPLES_PER_SHARD


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("iteration", metavar="K", nargs="?", default="1",
                        help=f"1 to {ranges.MAX_ITERS} (default 1)")  # fmt: skip
    parser.add_argument(
        "--problems", type=int, default=64, help="problems of the slice, about (default 64)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Lines to show. Raises: DataError, EngineError, ParamsError, ResumeError, SandboxError."""
    params, k = params_file.load(), arguments.iteration
    _check(params, k, arguments.problems)
    before = _load()
    found = measure(params, k, arguments.problems)
    machine = f"{_machine()}, load {before} before, {_load()} after"
    once, whole, notes = (
        one_iteration(params, found),
        whole_run(params, found),
        _notes(params, found),
    )
    if arguments.json:
        yield json.dumps({"iteration": k, "machine": machine, "slice": asdict(found),
                          "one_iteration": [asdict(stage) for stage in once],
                          "whole_run": [asdict(stage) for stage in whole],
                          "notes": notes})  # fmt: skip
        return
    yield f"{machine}"
    yield from _slice_lines(params, found, k)
    yield ""
    yield from _table("one iteration", once, found.speed.unit)
    yield ""
    yield from _table(f"x {params.iters} and the rest", whole, found.speed.unit)
    yield ""
    yield from notes


def _check(params: Params, k: str, wanted: int) -> None:
    for kind in ("engine", "reward"):
        plugins.check(kind, getattr(params, kind))
    if k not in map(str, range(1, params.iters + 1)):
        raise ParamsError(f"K must be an iteration from 1 to {params.iters} (params.yaml, iters), "
                          f"got {k!r}. Example: `python -m restem plan-cost 1`.")  # fmt: skip
    if wanted < 1:
        raise ParamsError(f"--problems must be >= 1, got {wanted}. The default is 64.")
    if params.engine == "replay":
        raise ParamsError(
            "params.yaml: engine is replay, which draws nothing. Set it to the engine to be "
            "measured (hf, vllm or ray)."
        )


def _machine() -> str:
    cores, free = len(os.sched_getaffinity(0)), shutil.disk_usage(".").free / 1e9
    return f"{cores} cores, {platform.machine()}, {free:.1f} GB disk free"


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def _slice_lines(params: Params, found: Slice, k: str) -> Iterator[str]:
    """What was measured, one number a line."""
    yield (f"slice of sample@{k}: {found.problems} problems, {found.samples} samples; "
           f"{found.drawn} shards drawn, {found.found} were there")  # fmt: skip
    speed = f"{found.speed.rate:,.0f} tokens/s" if found.speed.rate else "no speed (see below)"
    trained, grading = found.updates, found.grading
    update = f"{trained.update_s:.3g} s" if trained and trained.update_s else "not measured"
    numbers = {
        f"engine ({found.speed.lanes} x model)":
            f"start {found.speed.start_s:.1f} s, load {found.speed.load_s:.1f} s, {speed}",
        "tokens per sample": _span(found.habits.tokens, 1, 1),
        "cut off": f"{_span(found.habits.truncated, 100, 1)} %",
        "correct": f"{_span(found.habits.correct, 100, 1)} %",
        "kept per problem": f"{_span(found.habits.kept, 1, 2)} ({found.habits.kept.how})",
        "grader": f"start {grading.start_s:.1f} s, {1000 * grading.wall_s:.2f} ms wall and "
                  f"{1000 * grading.cpu_s:.2f} ms CPU per sample",
        "an update": f"{update}, {params.train.batch_tokens} tokens at most",
        "parameters": f"{found.parameters / 1e6:,.2f} M, model folder {_size(found.disk.model)}",
    }  # fmt: skip
    yield from (f"  {name:<22} {text}" for name, text in numbers.items())


def _notes(params: Params, found: Slice) -> list[str]:
    """What the numbers rest on, and how they can be wrong."""
    epochs = params.train.max_epochs
    notes = [
        "m: scaled up from the slice; e: by a rule of thumb; no mark: counted from params.yaml. "
        "Ranges: 95 % over problems, of lengths and kept solutions alone; a speed is one "
        "measurement under the load above. -: none, or not known.",
        f"Training: all {epochs} epochs, D_val checks included; it may stop sooner.",
        f"Disk: what stays; DVC's cache takes the outputs again where hard links fail. A training "
        f"holds up to {_size(3 * STATE_FLOATS * FLOAT_BYTES * found.parameters)} of checkpoints.",
    ]
    if found.updates:
        tokens = found.updates.row_tokens * found.habits.kept.value * found.whole
        flops = 6 * found.parameters * tokens * epochs
        notes.append(f"Training computes about {flops:.2g} FLOPs an iteration (6 x parameters x "
                     "tokens), less what the shared prompt saves.")  # fmt: skip
    else:
        notes.append("Training: no sample of the slice would be kept, so there is no estimate.")
    if params.samples_per_problem > SAMPLES_PER_SHARD:
        notes.append(
            f"Kept: {SAMPLES_PER_SHARD} samples per problem were drawn; of further ones "
            "the share of texts seen once (Good-Turing) is taken to be new."
        )
    if params.sample.stop_after_correct:
        notes.append("sample.stop_after_correct is on: samples and tokens are upper bounds.")
    if not found.speed.rate:
        notes.append("No speed: too few shards of the first 8 samples were missing; "
                     "metrics/sampling has the speed of a run that ended.")  # fmt: skip
    elif found.speed.unit == "core" and (found.speed.busy or 1) < 0.9:
        notes.append(f"The engine got {found.speed.busy:.0%} of its cores, the rest went to other "
                     "work: on a machine of its own it is that much faster.")  # fmt: skip
    if found.speed.unit == "GPU":
        notes.append("A small slice may not fill a GPU: the speed is a lower bound.")
    if params.engine == "ray":
        notes.append("engine: ray: the speed is of the actors that fitted just now.")
    if not found.grading.counted:
        notes.append("Grader CPU is wall time x machine.workers: Ray's workers cannot be counted.")
    if found.grading.faults > params.score.max_fault_rate * found.samples:
        notes.append(f"{found.grading.faults} verdicts are faults of the verifier, more than "
                     "score.max_fault_rate allows: stage score would stop.")  # fmt: skip
    return notes


def _table(title: str, stages: Sequence[Stage], unit: str) -> Iterator[str]:
    heads = ("samples", "tokens", "wall", f"{unit}-hours", "grader core-h", "disk")
    yield f"{title:<18}" + "".join(f"{head:>23}" for head in heads)
    for stage in stages:
        cells = (_cell(column, getattr(stage, column)) for column in COLUMNS)
        yield f"  {stage.name:<16}" + "".join(f"{cell:>23}" for cell in cells)


def _cell(column: str, amount: Amount | None) -> str:
    if amount is None:
        return "-"
    mark = {MEASURED: " m", ESTIMATE: " e", COUNTED: ""}[amount.how]
    ends = [amount.value] if amount.low is None else [amount.low, amount.high]
    return "-".join(_value(column, end or 0.0) for end in ends) + mark


def _value(column: str, value: float) -> str:
    if column == "disk":
        return _size(value)
    if column == "wall_s":
        return (
            f"{value:.0f}s"
            if value < 90
            else f"{value / 60:.3g}min"
            if value < 5400
            else f"{value / 3600:.3g}h"
        )
    if column.endswith("_s"):
        return f"{value / 3600:.3g}"
    return f"{value:,.0f}" if value < 1e7 else f"{value:.3g}"


def _size(value: float) -> str:
    power = min(4, max(0, int(f"{max(value, 1):e}".partition("e")[2]) // 3))
    return f"{value / 1000**power:.3g}{('B', 'kB', 'MB', 'GB', 'TB')[power]}"


def _span(amount: Amount, scale: float, digits: int) -> str:
    ends = [(end or 0.0) * scale for end in (amount.value, amount.low, amount.high)]
    mean, low, high = (f"{end:.{digits}f}" for end in ends)
    return f"{mean} ({low} to {high})"
