"""E-step, last part: keep distinct solutions, at most `cap` per problem, and weigh them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

from restem.core import layout, storage
from restem.core.errors import DataError
from restem.core.params import Method, Params
from restem.core.records import ScoredRow, TrainRow
from restem.core.seeds import seed_for
from restem.core.storage import Row
from restem.method.selection import select, weight_of

log = logging.getLogger(__name__)


def run(params: Params, iteration: str | None) -> None:
    """Write data/iterations/K/train.parquet.

    Raises: DataError if there is nothing to learn; ParamsError for weights that are too large.
    """
    assert iteration is not None
    prompts = {p.problem_id: p.prompt for p in storage.read_problems(layout.problems("train"))}
    counts = _Counts()
    kept = select(counts.scored(iteration), params.method, params.cap,
                  seed_for(params.seed, "filter", iteration))  # fmt: skip
    rows = _train_rows(kept, prompts, counts, params.method, iteration)
    storage.write_rows("train", layout.train_rows(iteration), rows)
    log.info("filter@%s: %d samples, %d correct, %d kept (%d correct), of %d of %d problems -> %s",
             iteration, counts.outcomes.total(), counts.correct, counts.kept, counts.kept_correct,
             len(counts.problems), len(prompts), layout.train_rows(iteration))  # fmt: skip


class _Counts:
    """Of the rows that have passed."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.correct = self.kept = self.kept_correct = 0
        self.problems: set[str] = set()
        """With a row that is kept."""

    def scored(self, iteration: str) -> Iterator[ScoredRow]:
        for values in storage.iter_rows("scored", layout.scored(iteration)):
            row = ScoredRow(**values)  # type: ignore[arg-type]  # the schema types them
            self.outcomes[row.outcome] += 1
            self.correct += row.reward > 0
            yield row


def _train_rows(
    kept: Iterator[ScoredRow],
    prompts: dict[str, str],
    counts: _Counts,
    method: Method,
    iteration: str,
) -> Iterator[Row]:
    """Raises, before anything is in place: ParamsError; DataError at the end, if nothing came."""
    for row in kept:
        counts.kept += 1
        counts.kept_correct += row.reward > 0
        counts.problems.add(row.problem_id)
        prompt, weight = prompts[row.problem_id], weight_of(row, method)
        yield asdict(TrainRow(prompt, row.text, weight, row.problem_id, row.sample_id))
    if not counts.kept:
        wanted = "judged, complete and not empty" if method.weight == "exp" else "correct"
        raise DataError(_nothing_kept(counts.outcomes, wanted, iteration))


def _nothing_kept(outcomes: Counter[str], wanted: str, iteration: str) -> str:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    return (
        f"iteration {iteration}: none of {outcomes.total()} samples is {wanted} ({counts}), so "
        f"there is nothing to learn from. Read some with `python -m restem peek {iteration}`; then "
        "try more samples_per_problem, a longer sample.max_new_tokens, or a stronger model. "
        "The samples are kept."
    )
