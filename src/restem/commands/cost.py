"""What the run described by params.yaml asks for: solutions, tokens, and CPU time.

Counts of solutions and tokens are upper bounds from params.yaml. CPU time, for the tiny model
alone, is an estimate: from rates measured once, and from the lengths and the kept solutions of an
earlier run (data/iterations/1) where there is one, else of the embedded world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from restem.commands.slice import COUNTED, ESTIMATE, MEASURED, Amount, Slice
from restem.commands.trial import Updates
from restem.core import layout
from restem.core.params import Params
from restem.sampling.shards import chunk_size

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
        return lines, (
            f"no rates are known for model {params.model}; `python -m restem plan-cost` "
            "measures them on a slice of the run"
        )
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
    policies = params.iters + 1 + (params.human.max_epochs > 0)
    drawn = policies * evaluated(params)
    seconds = drawn * habit.tokens / SAMPLE_RATE + START_S * policies
    return Cost("eval", drawn, drawn * params.eval.max_new_tokens, seconds)


def evaluated(params: Params) -> int:
    """Solutions drawn to evaluate one policy: greedy on every set; twice sampled, for pass@k and
    maj@k, on test and val."""
    data, evals = params.data, params.eval
    trained = min(evals.train_problems, data.train_problems)
    greedy = data.test_problems + data.val_problems + data.transfer_problems + trained
    sampled = sum(min(evals.sampled_problems, n) for n in (data.test_problems, data.val_problems))
    return greedy + 2 * sampled * evals.samples


# ---- from a slice that was really run: `restem plan-cost`

FLOAT_BYTES, STATE_FLOATS = 4, 3  # a checkpoint: fp32 weights and AdamW's two moments
CHECKPOINTS = 2  # kept of a training, the last and the best (training/checkpoints.py)


@dataclass(frozen=True, slots=True)
class Stage:
    """One line of the table. None: nothing of the kind, or nothing known."""

    name: str
    samples: Amount | None = None
    """Drawn, judged, or rows trained on once per epoch."""
    tokens: Amount | None = None
    wall_s: Amount | None = None
    engine_s: Amount | None = None
    """Core-seconds or GPU-seconds."""
    grader_s: Amount | None = None
    """Core-seconds."""
    disk: Amount | None = None
    """Bytes that stay; DVC's cache holds them once more where hard links fail."""


COLUMNS = ("samples", "tokens", "wall_s", "engine_s", "grader_s", "disk")


def one_iteration(params: Params, found: Slice) -> list[Stage]:
    """What each stage of one iteration takes."""
    problems, wanted = found.whole, params.samples_per_problem
    chunk = chunk_size(wanted)
    drawn = problems * -(-wanted // chunk) * chunk
    kept = found.habits.kept.times(problems)
    disk = drawn * found.disk.store + problems * wanted * found.disk.samples
    sample = _drawing("sample", found, drawn, found.habits.tokens.how, Amount(disk, MEASURED))
    judged = problems * wanted
    score = Stage(
        "score",
        Amount(judged, COUNTED),
        wall_s=Amount(found.grading.start_s + judged * found.grading.wall_s, MEASURED),
        grader_s=Amount(
            judged * found.grading.cpu_s, MEASURED if found.grading.counted else ESTIMATE
        ),
        disk=Amount(2 * judged * found.disk.scored, MEASURED),  # scratch and output
    )
    epochs = params.train.max_epochs
    train = _training("train", params, found, kept, found.updates, epochs)
    return [sample, score, train, evaluation(params, found)]


def whole_run(params: Params, found: Slice) -> list[Stage]:
    """All iterations, the baseline, the human control, and the sum."""
    stages = [_scaled(stage, params.iters) for stage in one_iteration(params, found)]
    policies, epochs = 1, params.human.max_epochs
    if epochs and found.human:
        rows = Amount(found.human_rows, COUNTED)
        stages.append(_training("human", params, found, rows, found.human, epochs))
        policies = 2
    stages.append(_scaled(evaluation(params, found, "eval 0, human"), policies))
    return [*stages, _total(stages)]


def evaluation(params: Params, found: Slice, name: str = "eval") -> Stage:
    """Of one policy: greedy on every set; twice sampled, for pass@k and maj@k, on val and test."""
    drawn = evaluated(params)
    stage = _drawing(name, found, drawn, ESTIMATE, None)  # other temperatures, other lengths
    judging = Amount(found.grading.start_s + drawn * found.grading.wall_s, ESTIMATE)
    return replace(
        stage,
        wall_s=stage.wall_s and stage.wall_s.plus(judging),
        grader_s=Amount(drawn * found.grading.cpu_s, ESTIMATE),
    )


def _drawing(name: str, found: Slice, drawn: int, how: str, disk: Amount | None) -> Stage:
    tokens, wall = found.habits.tokens.times(drawn, how), None
    if found.speed.rate:
        wall = tokens.times(1 / found.speed.rate).plus(
            Amount(found.speed.start_s + found.speed.load_s, how)
        )
    engine = wall and wall.times(found.speed.width)
    return Stage(name, Amount(drawn, COUNTED), tokens, wall, engine, None, disk)


def _training(
    name: str, params: Params, found: Slice, rows: Amount, updates: Updates | None, epochs: int
) -> Stage:
    """The most it can take: reward on D_val may end it sooner. Its D_val checks run in one lane."""
    checkpoint = STATE_FLOATS * FLOAT_BYTES * found.parameters
    disk = rows.times(found.disk.train if name == "train" else 0.0, ESTIMATE).plus(
        Amount(CHECKPOINTS * checkpoint + found.disk.model, ESTIMATE)
    )
    if updates is None:
        return Stage(name, rows, disk=disk)
    tokens = rows.times(updates.row_tokens * epochs)
    checked = epochs * params.train.checks_per_epoch * params.data.val_problems
    wall = None
    if updates.update_s is not None:
        wall = rows.times(updates.row_updates * epochs * updates.update_s)
    elif found.speed.rate:  # forward and backward: three times the forward pass
        wall = tokens.times(3 * found.speed.lanes / found.speed.rate, ESTIMATE)
    if wall and found.speed.rate:
        seconds = found.habits.tokens.times(
            checked * found.speed.lanes / found.speed.rate, ESTIMATE
        )
        loads = found.speed.start_s + epochs * params.train.checks_per_epoch * found.speed.load_s
        wall = wall.plus(seconds).plus(Amount(loads + checked * found.grading.wall_s, ESTIMATE))
    grader = Amount(checked * found.grading.cpu_s, ESTIMATE)
    # one process; of GPUs it uses one
    return Stage(name, rows, tokens, wall, wall, grader, disk)


def _scaled(stage: Stage, factor: int) -> Stage:
    return Stage(stage.name, *((a := getattr(stage, c)) and a.times(factor) for c in COLUMNS))


def _total(stages: Sequence[Stage]) -> Stage:
    """A column in which a stage is unknown sums up what is known."""
    sums: dict[str, Amount] = {}
    for column in COLUMNS[1:]:
        for amount in (getattr(stage, column) for stage in stages):
            if amount:
                sums[column] = sums[column].plus(amount) if column in sums else amount
    return Stage("all", **sums)
