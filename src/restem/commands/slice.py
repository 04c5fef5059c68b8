"""Measure a slice of a run: draw some shards, judge them, train a few updates on what is kept.

The shards stay in the iteration's store, where the run finds them done. Nothing else is kept.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from restem.commands.trial import (
    Grading,
    Rows,
    Speed,
    Updates,
    draw,
    judge,
    lanes_of,
    parameters_of,
    updates_of,
)
from restem.core import layout, storage
from restem.core.errors import DataError
from restem.core.params import Params
from restem.core.protocols import Shard
from restem.core.records import Problem, SampleRow, TrainRow
from restem.evaluation.statistics import bootstrap
from restem.method.selection import cap_per_problem, may_be_kept, weight_of
from restem.sampling.contract import policy
from restem.sampling.drawing import open_drawing
from restem.sampling.shards import SAMPLES_PER_SHARD, chunk_shards, chunk_size

MEASURED, ESTIMATE, COUNTED = "measured", "estimate", "params.yaml"
"""Scaled up from what was measured on the slice; by a rule of thumb; a product of parameters."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, where it is from, and the ends of its 95 % interval where the slice gives one."""

    value: float
    how: str
    low: float | None = None
    high: float | None = None

    def times(self, factor: float, how: str = "") -> Amount:
        low, high = (None if end is None else end * factor for end in (self.low, self.high))
        return Amount(self.value * factor, how or self.how, low, high)

    def plus(self, other: Amount) -> Amount:
        """The ends add up: what makes one amount large makes the other large too."""
        ends = [
            None
            if (one, two) == (None, None)
            else (a.value if one is None else one) + (b.value if two is None else two)
            for a, b, one, two in (
                (self, other, self.low, other.low),
                (self, other, self.high, other.high),
            )
        ]
        how = self.how if self.how == other.how or not other.value else ESTIMATE
        return Amount(self.value + other.value, how, *ends)


@dataclass(frozen=True, slots=True)
class Habits:
    """What samples are like."""

    tokens: Amount
    """Per sample."""
    truncated: Amount
    """Share of the samples, as `correct`."""
    correct: Amount
    kept: Amount
    """Per problem, under `cap`, of all N samples."""


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes per row: of the store and of the three tables; and of the model's folder."""

    store: float
    samples: float
    scored: float
    train: float
    model: int


@dataclass(frozen=True, slots=True)
class Slice:
    """What was measured."""

    problems: int
    samples: int
    whole: int
    """Problems of D."""
    drawn: int
    """Shards drawn for this, and shards that were there already."""
    found: int
    habits: Habits
    speed: Speed
    grading: Grading
    disk: Disk
    parameters: float
    updates: Updates | None
    """None where nothing may be kept."""
    human: Updates | None
    human_rows: int


DRAWS = 2000  # of the bootstrap over problems


def measure(params: Params, iteration: str, wanted: int) -> Slice:
    """Of about `wanted` problems.

    Raises: DataError, EngineError, ParamsError, ResumeError, SandboxError.
    """
    problems, most = training_problems(iteration), params.samples_per_problem
    with open_drawing(params, iteration, shared=True) as drawing:
        lanes = lanes_of(params)
        all_shards = list(chunk_shards(problems, 0, params.sample.batch_rows, most))
        shards = pick(all_shards, wanted, lanes, drawing.store.has)
        speed = draw(params, iteration, drawing, shards, lanes)
        rows = [row for shard in shards for row in drawing.store.rows(shard)]
        sizes = [len(storage.to_bytes("samples", map(asdict, drawing.store.rows(s))))
                 for s in shards]  # fmt: skip
    by_id = {p.problem_id: p for p in problems}
    rows = [row for row in rows if row.sample_index < params.samples_per_problem]
    scored, grading = judge(params, by_id, sorted(rows, key=lambda r: r.problem_id))
    grouped = _by_problem(scored)
    kept = kept_rows(params, by_id, grouped)
    of_slice = [by_id[key] for key in grouped]
    people = [p for p in problems if p.human_solution]
    human = [TrainRow(p.prompt, p.human_solution or "", 1.0, p.problem_id, "h")
             for p in of_slice if p.human_solution]  # fmt: skip
    start = layout.model("0") if layout.model("0").is_dir() else policy(iteration)
    updates = updates_of(params, start, kept)
    return Slice(
        problems=len(grouped),
        samples=len(scored),
        whole=len(problems),
        drawn=drawing.num_drawn,
        found=drawing.num_kept,
        habits=_habits(params, grouped),
        speed=speed,
        grading=grading,
        disk=Disk(
            store=sum(sizes) / (chunk_size(most) * sum(len(s.requests) for s in shards)),
            samples=_bytes("samples", rows),
            scored=_bytes("scored", scored),
            train=_bytes("train", kept),
            model=sum(f.stat().st_size for f in start.rglob("*") if f.is_file()),
        ),
        parameters=parameters_of(start),
        updates=updates,
        human=updates_of(params, start, human, updates.update_s if updates else None),
        human_rows=len(people),
    )


def training_problems(iteration: str) -> list[Problem]:
    """D, sorted by id. Raises: DataError if D or the policy that K samples from is missing."""
    model = policy(iteration)
    for path, stages in (
        (layout.problems("train"), "prepare base"),
        (model, "prepare base" if iteration == "1" else f"train@{int(iteration) - 1}"),
    ):
        if not path.exists() or (path / "idle").exists():
            raise DataError(f"{path} is missing; `dvc repro {stages}` makes it, then run again.")
    found = storage.read_problems(layout.problems("train"))
    return sorted(found, key=lambda p: p.problem_id)


def pick(
    shards: Sequence[Shard], wanted: int, lanes: int, has: Callable[[Shard], bool]
) -> list[Shard]:
    """Shards of about `wanted` problems in all, spread over the list, a multiple of `lanes`.

    A speed takes two shards per lane that are still to be drawn: missing ones are added for it.
    """
    mean = sum(len(s.requests) for s in shards) / len(shards)
    count = min(len(shards), math.ceil(math.ceil(wanted / mean) / lanes) * lanes)
    chosen = _spread(shards, count)
    names = {shard.name for shard in chosen}
    missing = [s for s in shards if s.name not in names and not has(s)]
    more = max(0, 2 * lanes - sum(not has(s) for s in chosen))
    return [*chosen, *_spread(missing, min(more, len(missing)))]


def _spread(shards: Sequence[Shard], count: int) -> list[Shard]:
    """The middle one of each of `count` equal parts."""
    return [shards[(2 * i + 1) * len(shards) // (2 * count)] for i in range(count)]


def _by_problem(scored: Rows) -> dict[str, Rows]:
    grouped: dict[str, Rows] = {}
    for row in scored:
        grouped.setdefault(row.problem_id, []).append(row)
    return grouped


def kept_rows(
    params: Params, by_id: Mapping[str, Problem], grouped: Mapping[str, Rows]
) -> list[TrainRow]:
    """What is trained on, of the samples of each problem. Raises: ParamsError, as `weight_of`."""
    method = params.method
    return [
        TrainRow(by_id[key].prompt, row.text, weight_of(row, method), key, row.sample_id)
        for key, found in grouped.items()
        for row in cap_per_problem(_pool(params, found), method, params.cap, params.seed)
    ]


def _pool(params: Params, rows: Rows) -> Rows:
    return [row for row in rows if may_be_kept(row, params.method)]


def _habits(params: Params, grouped: dict[str, Rows]) -> Habits:
    """Means over problems with their intervals."""
    most = params.sample.max_new_tokens
    top = params.samples_per_problem
    if params.method.select != "all":
        top = min(params.cap, top)
    found = list(grouped.values())
    exact = params.samples_per_problem <= SAMPLES_PER_SHARD

    def mean(values: list[float], scale: float, how: str = MEASURED) -> Amount:
        one = bootstrap([value / scale for value in values], DRAWS, 0)
        return Amount(one.mean * scale, how, one.low * scale, one.high * scale)

    return Habits(
        tokens=mean([fmean(r.num_tokens for r in rows) for rows in found], most),
        truncated=mean([fmean(r.finish_reason == "length" for r in rows) for rows in found], 1),
        correct=mean([fmean(r.reward > 0 for r in rows) for rows in found], 1),
        kept=mean(
            [min(top, expected(params, rows)) for rows in found],
            top,
            MEASURED if exact else ESTIMATE,
        ),
    )


def expected(params: Params, rows: Rows) -> float:
    """Solutions of one problem that may be kept, deduplicated, at N samples instead of len(rows).

    Further ones are taken to be new as often as the next one would be: the share of texts seen
    once (Good, Biometrika 40 (1953)). It only falls as more are drawn, so this is the high side; a
    problem without such a sample counts 0, which is the low side.
    """
    texts = Counter(row.text for row in _pool(params, rows))
    pool = texts.total()
    if not pool:
        return 0.0
    further = pool * (max(params.samples_per_problem, len(rows)) / len(rows) - 1)
    if params.method.dedupe == "none":
        return pool + further
    return len(texts) + further * sum(count == 1 for count in texts.values()) / pool


def _bytes(table: str, rows: Sequence[SampleRow | TrainRow]) -> float:
    return len(storage.to_bytes(table, map(asdict, rows))) / len(rows) if rows else 0.0
