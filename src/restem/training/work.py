"""What a policy is trained on, and all that this training depends on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from restem.core import layout, storage
from restem.core.errors import DataError
from restem.core.identity import stage_code
from restem.core.params import Params
from restem.core.records import TrainRow
from restem.core.seeds import digest, seed_for, stable_hash


@dataclass(frozen=True, slots=True)
class Asked:
    """One M-step."""

    start: Path
    """The model that is trained."""
    rows: list[TrainRow]
    epochs: int
    seed: int


def asked(params: Params, iteration: str) -> Asked:
    """iteration: "1".."5" or "human". Raises: DataError."""
    human = iteration == "human"
    previous = params.method.init_from == "previous" and not human
    return Asked(
        start=layout.model(str(int(iteration) - 1) if previous else "0"),
        rows=human_rows() if human else kept_rows(iteration),
        epochs=params.human.max_epochs if human else params.train.max_epochs,
        seed=seed_for(params.seed, "train", iteration) % 2**31,
    )


def inputs(params: Params, one: Asked) -> dict[str, object]:
    """Everything the training depends on: its unfinished work is found again by this."""
    return {
        "start": digest(one.start),
        "rows": stable_hash([asdict(row) for row in one.rows]),
        "train": {**asdict(params.train), "cluster": None, "check_engine": None},
        "epochs": one.epochs,
        "seed": one.seed,
        "val": digest(layout.problems("val")),
        "decoding": [params.eval.max_new_tokens, params.sample.batch_rows],
        "base_name": Path(params.model).name,
        "plugins": [params.reward, {**asdict(params.score), "cluster": None}],
        "check_engine": params.train.check_engine,
        "code": stage_code("train", params),
    }


def kept_rows(iteration: str) -> list[TrainRow]:
    path = layout.train_rows(iteration)
    return [TrainRow(**row) for row in storage.read_rows("train", path)]  # type: ignore[arg-type]  # the schema types them


def human_rows() -> list[TrainRow]:
    """Every human solution of D. Raises: DataError if the task has none."""
    problems = storage.read_problems(layout.problems("train"))
    rows = [
        TrainRow(p.prompt, p.human_solution, 1.0, p.problem_id, f"human-{p.problem_id}")
        for p in problems
        if p.human_solution
    ]
    if not rows:
        raise DataError("the task has no human solutions; set human.max_epochs: 0 (params.yaml)")
    return rows
