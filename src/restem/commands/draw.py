"""Draw an iteration's missing samples, or a part of them, into the scratch store, and end.

For job arrays on a shared file system: any number of these may run at a time, on any number of
machines, each with a part of its own. `dvc repro` finds the samples there, and draws what is still
missing. A killed job loses the shards it was drawing, no more.

Without --part, a task of a SLURM array draws its part, and everything else the whole.
examples/slurm/ has job scripts.

examples
  python -m restem draw 1                  everything that is missing of iteration 1
  python -m restem draw 1 --part 2/8       the second of eight parts
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping

from restem.core import layout, plugins, ranges, storage
from restem.core import params as params_file
from restem.core.errors import DataError, ParamsError
from restem.core.params import Params
from restem.core.protocols import Shard
from restem.core.records import Problem
from restem.sampling.contract import policy
from restem.sampling.drawing import open_drawing
from restem.sampling.shards import chunk_shards, chunk_size

Part = tuple[int, int]
"""I of N, 1-based."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("iteration", metavar="K", help=f"1 to {ranges.MAX_ITERS}")
    parser.add_argument("--part", metavar="I/N", help="shards I, I + N, I + 2N, ... (1 <= I <= N)")


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Lines to show. Raises: DataError, EngineError, ParamsError, ResumeError."""
    params, k = params_file.load(), arguments.iteration
    _check(params, k)
    part = _part_of(arguments.part) if arguments.part else _array_part(os.environ)
    problems = _problems(k)
    number, parts = part
    title = f"draw {k}" if parts == 1 else f"draw {k}, part {number} of {parts}"
    with open_drawing(params, k, shared=True) as drawing:
        for _ in drawing.draw(title, lambda: _shards(params, problems, part)):
            pass
    seconds = drawing.seconds["generate"]
    speed = f" at {drawing.num_tokens / seconds:.0f} tokens/s" if seconds else ""
    yield (f"{title}: {drawing.num_drawn} shards drawn{speed}, {drawing.num_kept} were there. "
           f"When every part is through, `dvc repro` goes on.")  # fmt: skip


def _check(params: Params, k: str) -> None:
    """Raises: ParamsError for what cannot be drawn in parts or at all."""
    plugins.check("engine", params.engine)
    if k not in map(str, range(1, params.iters + 1)):
        raise ParamsError(f"K must be an iteration from 1 to {params.iters} (params.yaml, iters), "
                          f"got {k!r}. Example: `python -m restem draw 1`.")  # fmt: skip
    if params.engine == "replay":
        raise ParamsError(
            "params.yaml: engine is replay, whose samples are there already. Run `dvc repro`."
        )
    if params.sample.stop_after_correct:
        raise ParamsError(
            "params.yaml: sample.stop_after_correct is "
            f"{params.sample.stop_after_correct}, so what is drawn depends on verdicts of what was "
            "drawn before. Set it to 0, or run `dvc repro` without this."
        )


def _problems(k: str) -> list[Problem]:
    """D, sorted by id. Raises: DataError if D or the policy is missing."""
    if not layout.problems("train").is_file():
        raise DataError(f"{layout.problems('train')} is missing; `dvc repro prepare` makes it.")
    model = policy(k)
    if not model.is_dir() or (model / "idle").exists():
        stage = "base" if k == "1" else f"train@{int(k) - 1}"
        raise DataError(f"there is no policy in {model}; `dvc repro {stage}` makes it.")
    return sorted(storage.read_problems(layout.problems("train")), key=lambda p: p.problem_id)


def _shards(params: Params, problems: list[Problem], part: Part) -> Iterator[Shard]:
    """Those of stage `sample`, every N-th of them."""
    number, parts = part
    most, rows = params.samples_per_problem, params.sample.batch_rows
    firsts = range(0, most, chunk_size(most))
    shards = (s for first in firsts for s in chunk_shards(problems, first, rows, most))
    return (shard for index, shard in enumerate(shards) if index % parts == number - 1)


def _part_of(text: str) -> Part:
    """`2/8`. Raises: ParamsError."""
    number, _, parts = text.partition("/")
    if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        raise ParamsError(f"--part must be I/N with 1 <= I <= N, such as 2/8, got {text!r}.")
    return int(number), int(parts)


def _array_part(environment: Mapping[str, str]) -> Part:
    """The part of a task of a SLURM array; elsewhere 1 of 1.

    Raises: ParamsError if the array leaves numbers out: parts would be missing.
    """
    words = ("ID", "COUNT", "MIN", "MAX")
    values = [environment.get(f"SLURM_ARRAY_TASK_{word}", "") for word in words]
    if not all(value.isdecimal() for value in values[:3]):
        return 1, 1
    task, count, first = map(int, values[:3])
    last = first + count - 1
    if not first <= task <= last or values[3] not in ("", str(last)):
        raise ParamsError(
            f"task {task} of a SLURM array of {count} tasks from {first} on, with gaps: say which "
            "part this is (--part I/N), or submit an array without gaps."
        )
    return task - first + 1, count
