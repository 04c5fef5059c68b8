"""E-step, last part: keep correct, distinct solutions, at most `cap` per problem."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

from restem.core import layout, storage
from restem.core.errors import DataError
from restem.core.params import Params
from restem.core.records import ScoredRow, TrainRow
from restem.core.seeds import seed_for
from restem.core.storage import Row
from restem.method.selection import select

log = logging.getLogger(__name__)


def run(params: Params, iteration: str | None) -> None:
    """Write data/iterations/K/train.parquet. Raises: DataError if there is nothing to learn."""
    assert iteration is not None
    prompts = {p.problem_id: p.prompt for p in storage.read_problems(layout.problems("train"))}
    counts = _Counts()
    kept = select(counts.scored(iteration), params.method, params.cap,
                  seed_for(params.seed, "filter", iteration))  # fmt: skip
    rows = _train_rows(kept, prompts, counts, iteration)
    storage.write_rows("train", layout.train_rows(iteration), rows)
    log.info("filter@%s: %d samples, %d correct, %d kept, of %d of %d problems -> %s", iteration,
             counts.outcomes.total(), counts.correct, counts.kept, len(counts.solved),
             len(prompts), layout.train_rows(iteration))  # fmt: skip


class _Counts:
    """Of the rows that have passed."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.correct = self.kept = 0
        self.solved: set[str] = set()

    def scored(self, iteration: str) -> Iterator[ScoredRow]:
        for values in storage.iter_rows("scored", layout.scored(iteration)):
            row = ScoredRow(**values)  # type: ignore[arg-type]  # the schema types them
            self.outcomes[row.outcome] += 1
            self.correct += row.reward > 0
            yield row


def _train_rows(
    kept: Iterator[ScoredRow], prompts: dict[str, str], counts: _Counts, iteration: str
) -> Iterator[Row]:
    """Raises: DataError at the end, before anything is in place, if nothing came."""
    for row in kept:
        counts.kept += 1
        counts.solved.add(row.problem_id)
        prompt = prompts[row.problem_id]
        yield asdict(TrainRow(prompt, row.text, 1.0, row.problem_id, row.sample_id))
    if not counts.kept:
        raise DataError(_nothing_kept(counts.outcomes, iteration))


def _nothing_kept(outcomes: Counter[str], iteration: str) -> str:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    return (
        f"iteration {iteration}: none of {outcomes.total()} samples is correct ({counts}), so "
        f"there is nothing to learn from. Read some with `python -m restem peek {iteration}`; then "
        "try more samples_per_problem, a longer sample.max_new_tokens, or a stronger model. "
        "The samples are kept."
    )
