"""What the run described by params.yaml asks for: solutions, tokens, and CPU time.

Counts of solutions and tokens are upper bounds from params.yaml. CPU time, for the tiny model
alone, is an estimate: from rates measured once, and from the lengths and the kept solutions of an
earlier run (data/iterations/1) where there is one, else of the embedded world.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from restem.core import layout
from restem.core.params import Params

# Tokens per CPU-second of one thread with the tiny model; torch 2.13 on an AMD EPYC with AVX-512.
PRETRAIN_RATE, SAMPLE_RATE, TRAIN_RATE = 16_500, 35_000, 21_000
MEASURED_ON = "one thread of an AMD EPYC with AVX-512"
START_S = 5.0  # importing torch and transformers, per stage
WORLD_TOKENS, WORLD_KEPT = 30.0, 2.0  # of the embedded world: tokens per solution, kept per problem


@dataclass(frozen=True, slots=True)
class Cost:
    """One line of the estimate."""

    step: str
    solutions: int
    """Drawn, or trained on once per epoch, at most."""
    tokens: int
    """Generated or trained on, at most."""
    cpu_s: float | None
    """Expected CPU-seconds; None for a model without measured rates."""


@dataclass(frozen=True, slots=True)
class _Habit:
    """What solutions are like."""

    tokens: float
    """Per solution."""
    kept: float
    """Solutions per problem that are kept."""
    source: str


def estimate(params: Params) -> tuple[list[Cost], str]:
    """The lines of the estimate, and what it rests on."""
    habit = _habit(params)
    steps = [_base(params), *_loop(params, habit), _evaluation(params, habit)]
    lines = [step for step in steps if step.tokens]
    if params.model != "tiny":
        lines = [Cost(line.step, line.solutions, line.tokens, None) for line in lines]
        return lines, f"no rates are known for model {params.model}"
    return lines, f"rates of {MEASURED_ON}; lengths of {habit.source}"


def _habit(params: Params) -> _Habit:
    """From the first iteration of an earlier run, else the embedded world's."""
    samples = _column(layout.samples("1"), "num_tokens")
    kept = _column(layout.train_rows("1"), "weight")
    if samples and kept:
        tokens = sum(samples) / len(samples)
        return _Habit(tokens, len(kept) / params.data.train_problems, "the last run")
    longest, most = params.sample.max_new_tokens, min(params.cap, params.samples_per_problem)
    if params.task != "math_world":
        return _Habit(longest, most, "the longest allowed")
    return _Habit(min(WORLD_TOKENS, longest), min(WORLD_KEPT, most), "the embedded world")


def _column(path: Path, name: str) -> list[float]:
    """A column of numbers, empty if the file is missing, idle, or no such table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        read = pq.ParquetFile(path).read([name], use_threads=False)
        values: list[float] = read.column(name).to_pylist()
    except (OSError, pa.ArrowException, KeyError):
        return []
    return values


def _base(params: Params) -> Cost:
    tokens = params.base.steps * params.base.batch_tokens if params.model == "tiny" else 0
    return Cost("base", 0, tokens, tokens / PRETRAIN_RATE + START_S)


def _loop(params: Params, habit: _Habit) -> list[Cost]:
    """Sampling and training of all iterations, and the human control."""
    problems, iters = params.data.train_problems, params.iters
    drawn = problems * params.samples_per_problem * iters
    if params.engine == "replay":
        drawn = 0
    most = problems * min(params.cap, params.samples_per_problem) * iters
    checks = params.train.checks_per_epoch * params.data.val_problems
    epochs, human = params.train.max_epochs, params.human.max_epochs

    def train(step: str, rows: int, expected: float, passes: int, stages: int) -> Cost:
        checked = checks * passes * stages
        tokens = rows * passes * params.sample.max_new_tokens + checked * params.eval.max_new_tokens
        seconds = habit.tokens * (expected * passes / TRAIN_RATE + checked / SAMPLE_RATE)
        return Cost(step, rows, tokens, seconds + START_S * stages)

    return [
        Cost("sample", drawn, drawn * params.sample.max_new_tokens,
             drawn * habit.tokens / SAMPLE_RATE + START_S * iters),
        train("train", most, problems * habit.kept * iters, epochs, iters),
        train("human", problems if human else 0, problems, human, 1 if human else 0),
    ]  # fmt: skip


def _evaluation(params: Params, habit: _Habit) -> Cost:
    """Greedy on every set; twice sampled, for pass@k and maj@k, on test and val."""
    data, evals = params.data, params.eval
    policies = params.iters + 1 + (params.human.max_epochs > 0)
    trained = min(evals.train_problems, data.train_problems)
    greedy = data.test_problems + data.val_problems + data.transfer_problems + trained
    sampled = sum(min(evals.sampled_problems, n) for n in (data.test_problems, data.val_problems))
    drawn = policies * (greedy + 2 * sampled * evals.samples)
    seconds = drawn * habit.tokens / SAMPLE_RATE + START_S * policies
    return Cost("eval", drawn, drawn * evals.max_new_tokens, seconds)
