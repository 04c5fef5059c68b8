"""Verdicts on a JSONL file of your own: math answers, programs, or both in one file.

input, one JSON object a line
  {"id": 1, "text": "... so \\\\boxed{5/6}.", "gold": "5/6"}
  {"id": 2, "text": "print(input())", "tests": {"inputs": ["a\\n"], "outputs": ["a\\n"]}}
  tests: {"inputs", "outputs", "fn_name"?} as in APPS, {"prompt", "entry_point", "test",
  "canonical_solution"?} as in HumanEval (text is the completion), or {"setup", "asserts"} (MBPP)

output, in the same order
  {"id": 1, "reward": 1.0, "outcome": "correct", "answer": "5/6", "detail": "boxed", "grader": ...}

examples
  python -m restem grade solutions.jsonl --out verdicts.jsonl
  python -m restem grade solutions.jsonl --out - | jq .outcome

Limits, sandbox and workers are those of params.yaml, sections score and machine. Other keys of a
line are ignored. The whole file is checked before the first verdict.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import chain, islice
from pathlib import Path
from types import ModuleType
from typing import IO, NoReturn

from restem.core import params as params_file
from restem.core import plugins
from restem.core.errors import DataError, ParamsError
from restem.core.params import Params
from restem.core.progress import Progress
from restem.core.protocols import Reward
from restem.core.records import OUTCOMES, Problem, Verdict

log = logging.getLogger(__name__)
ROWS_PER_PART = 2048
PARTS_PER_OPENING = 64
CHARS_PER_PART = 1 << 25  # of text, so that long solutions come in smaller parts
LARGEST_EXPONENT = 400  # of a gold that is a number, such as 1e-7
STDOUT = "-"


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the file."""

    key: str
    """The id as JSON, as it was given."""
    text: str
    problem: Problem
    kind: str
    """The reward: `math` or `code`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.jsonl", type=Path, help="what to judge")
    parser.add_argument(
        "--out", required=True, help="where the verdicts go; an old file is replaced, - prints them"
    )


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Lines to show. Raises: DataError, ParamsError, SandboxError."""
    started = time.monotonic()
    values = params_file.load()
    path, out = arguments.file, Path(arguments.out)
    to_stdout = arguments.out == STDOUT
    if not to_stdout:
        _check_out(out, path)
    counts = _check(path)
    outcomes: Counter[str] = Counter()
    graders: dict[str, None] = {}
    with ExitStack() as stack:
        bar = stack.enter_context(Progress("grade", counts.total(), "rows"))
        file = None if to_stdout else stack.enter_context(_whole_file(out))
        for line, verdict, grader in _judged(path, list(counts), values):
            outcomes[verdict.outcome] += 1
            graders[grader] = None
            if file is None:
                yield line
            else:
                file.write(f"{line}\n")
            bar.advance(1, f"correct {outcomes['correct'] / outcomes.total():.1%}")
    summary = _summary(outcomes, time.monotonic() - started, " and ".join(graders))
    if to_stdout:
        log.info(summary)
    else:
        yield f"{summary} -> {out}"


def _check_out(out: Path, path: Path) -> None:
    """Raises: ParamsError, before any work, for a place that cannot take the verdicts."""
    if out.exists() and not out.is_file():
        raise ParamsError(f"--out {out} is no regular file. Name a file, or - to print.")
    if out.exists() and path.exists() and out.samefile(path):
        raise ParamsError(f"--out names the file that is judged, {path}. Name another one.")


def _summary(outcomes: Counter[str], seconds: float, graders: str) -> str:
    counts = ", ".join(f"{outcomes[name]:,} {name}" for name in OUTCOMES if outcomes[name])
    return f"{outcomes.total():,} rows: {counts}; by {graders} in {seconds:.1f} s"


@contextmanager
def _whole_file(out: Path) -> Iterator[IO[str]]:
    """A file that is there when all is written, and not before."""
    partial = out.parent / f".{out.name}.{os.getpid()}.partial"
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with partial.open("w", encoding="ascii") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(out)
    finally:
        with suppress(OSError):
            partial.unlink()


# ---- judging

Line = tuple[str, Verdict, str]
"""A line of output, the verdict in it, and the grader."""


def _judged(path: Path, kinds: Sequence[str], values: Params) -> Iterator[Line]:
    """Every row in order. Rewards remember what they judged, so they are opened anew at times."""
    parts = _parts(path)
    for first in parts:
        with ExitStack() as stack:
            rewards: dict[str, Reward] = {
                kind: stack.enter_context(
                    plugins.load("reward", kind).open_reward(values.score, values.machine)
                )
                for kind in kinds
            }
            for part in chain([first], islice(parts, PARTS_PER_OPENING - 1)):
                yield from _judged_part(part, rewards)


def _parts(path: Path) -> Iterator[list[_Row]]:
    """The rows in parts that fit into memory."""
    part: list[_Row] = []
    size = 0
    for row in _rows(path):
        part.append(row)
        size += len(row.text) + len(row.problem.gold)
        if len(part) == ROWS_PER_PART or size >= CHARS_PER_PART:
            yield part
            part, size = [], 0
    if part:
        yield part


def _judged_part(part: Sequence[_Row], rewards: dict[str, Reward]) -> Iterator[Line]:
    verdicts: dict[str, Iterator[Verdict]] = {}
    for kind, reward in rewards.items():
        asked = [row for row in part if row.kind == kind]
        found = reward.score([row.problem for row in asked], [row.text for row in asked])
        verdicts[kind] = iter(found)
    for row in part:
        verdict, grader = next(verdicts[row.kind]), rewards[row.kind].grader
        line = {"reward": verdict.reward, "outcome": verdict.outcome, "answer": verdict.answer,
                "detail": verdict.detail, "grader": grader}  # fmt: skip
        yield f'{{"id": {row.key}, {json.dumps(line)[1:]}', verdict, grader


# ---- reading


def _check(path: Path) -> Counter[str]:
    """Read the whole file once; how many rows each reward has.

    Raises: DataError naming file and line for the first one that cannot be judged.
    """
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is no regular file; it is read twice, so save it first.")
    kinds = Counter(row.kind for row in _rows(path))
    if not kinds:
        raise DataError(f"{path} is empty: one JSON object a line is wanted. `--help` shows some.")
    return kinds


def _rows(path: Path) -> Iterator[_Row]:
    """The rows, line by line; blank lines are passed over. Raises: DataError."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")  # a mark that some editors leave
                if line.strip():
                    yield _row(line, f"{path}:{number}")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}.") from error


def _row(line: bytes, where: str) -> _Row:
    """Raises: DataError with one line: where, what, and what it must be."""
    try:
        found = json.loads(line.decode(), parse_float=Decimal, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: no UTF-8 ({error.reason}, byte {error.start + 1}).") from error
    except RecursionError as error:
        raise DataError(f"{where}: nested too deeply.") from error
    except ValueError as error:
        raise DataError(f"{where}: no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise DataError(f"{where}: must be a JSON object, got {_short(found)}.")
    key, text = _member(found, "id", where), _member(found, "text", where)
    if isinstance(key, (list, dict)):
        raise DataError(f"{where}: id must be text, a number, true, false or null.")
    if not isinstance(text, str):
        raise DataError(f"{where}: text must be text, got {_short(text)}.")
    if ("gold" in found) == ("tests" in found):
        got = "both" if "gold" in found else "neither"
        raise DataError(f"{where}: needs gold (an answer) or tests (for a program), got {got}.")
    kind = "code" if "tests" in found else "math"
    gold = _tests(found["tests"], where) if kind == "code" else _gold(found["gold"], where)
    stored = json.dumps(gold, default=float)
    problem = Problem(where, "grade", "grade", "", 0, "", "", (), stored, None)
    if kind == "math":
        _check_gold(problem)
    return _Row(str(key) if isinstance(key, Decimal) else json.dumps(key), text, problem, kind)


def _member(found: dict[str, object], name: str, where: str) -> object:
    if name not in found:
        raise DataError(
            f"{where}: {name} is missing; the line has {', '.join(found) or 'nothing'}."
        )
    return found[name]


def _gold(gold: object, where: str) -> dict[str, object]:
    """A number is taken as the text it was written as, but never in scientific notation."""
    if isinstance(gold, Decimal) and abs(gold.adjusted()) <= LARGEST_EXPONENT:
        gold = format(gold, "f")
    elif isinstance(gold, int) and not isinstance(gold, bool):
        gold = str(gold)
    if not isinstance(gold, str):
        raise DataError(f"{where}: gold must be text or a number, got {_short(gold)}.")
    return {"answer": gold}


def _tests(tests: object, where: str) -> dict[str, object]:
    if not isinstance(tests, dict):
        raise DataError(f"{where}: tests must be a JSON object, got {_short(tests)}.")
    return {"tests": tests}


def _check_gold(problem: Problem) -> None:
    """Raises: DataError for a gold in which there is nothing to compare with."""
    try:
        _math().gold_text(problem)
    except DataError as error:
        gold = json.loads(problem.gold)["answer"]
        raise DataError(f"{problem.problem_id}: gold holds no answer: {_short(gold)}.") from error


@cache
def _math() -> ModuleType:
    return plugins.load("reward", "math")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _short(value: object) -> str:
    return json.dumps(value, default=float)[:60]
