"""E-step, last part: keep correct, distinct solutions, at most `cap` per problem."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import asdict

from restem.core import layout, storage
from restem.core.errors import DataError
from restem.core.params import Params
from restem.core.records import ScoredRow, TrainRow
from restem.core.seeds import seed_for
from restem.method.selection import select

log = logging.getLogger(__name__)


def run(params: Params, iteration: str | None) -> None:
    """Write data/iterations/K/train.parquet. Raises: DataError if there is nothing to learn."""
    assert iteration is not None
    problems = {p.problem_id: p for p in storage.read_problems(layout.problems("train"))}
    rows = [ScoredRow(**row) for row in storage.read_rows("scored", layout.scored(iteration))]  # type: ignore[arg-type]  # the schema types them
    kept = select(rows, params.method, params.cap, seed_for(params.seed, "filter", iteration))
    if not kept:
        raise DataError(_nothing_kept(rows, iteration))
    rows_out = [
        TrainRow(problems[r.problem_id].prompt, r.text, 1.0, r.problem_id, r.sample_id)
        for r in kept
    ]
    storage.write_rows("train", layout.train_rows(iteration), map(asdict, rows_out))
    solved = len({row.problem_id for row in kept})
    correct = sum(row.reward > 0 for row in rows)
    log.info("filter@%s: %d samples, %d correct, %d kept, of %d of %d problems -> %s", iteration,
             len(rows), correct, len(kept), solved, len(problems),
             layout.train_rows(iteration))  # fmt: skip


def _nothing_kept(rows: list[ScoredRow], iteration: str) -> str:
    outcomes = Counter(row.outcome for row in rows)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    return (
        f"iteration {iteration}: none of {len(rows)} samples is correct ({counts}), so there is "
        f"nothing to learn from. Read some with `python -m restem peek {iteration}`; then try more "
        "samples_per_problem, a longer sample.max_new_tokens, or a stronger model. "
        "The samples are kept."
    )
