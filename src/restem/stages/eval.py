"""How good a policy is: greedy pass@1, pass@k, majority vote.

On test, D_val, a part of D (for the train-test gap) and the transfer sets.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from restem.core import layout, plugins, storage
from restem.core.faults import check_faults
from restem.core.judging import reward_name
from restem.core.params import Params
from restem.core.progress import Progress
from restem.core.protocols import Engine, Sampling
from restem.core.records import Completion, Problem
from restem.core.seeds import seed_for
from restem.evaluation.harness import evaluate
from restem.sampling.shards import make_shards

log = logging.getLogger(__name__)


def run(params: Params, iteration: str | None) -> None:
    """Write metrics/iterations/K.json, data/iterations/K/eval.parquet.

    Raises: DataError, EngineError.
    """
    assert iteration is not None
    model_dir = layout.model(iteration)
    if (model_dir / "idle").exists():
        storage.write_json(layout.evaluation(iteration), {"idle": True})
        storage.write_rows("eval", layout.eval_rows(iteration), [])
        return
    started = time.monotonic()
    sets = problem_sets(params)
    engine = plugins.load("engine", "hf" if params.engine == "replay" else params.engine)
    name = reward_name(params.reward, sets["test"])
    with (
        engine.open_engine(model_dir, params.sample, params.machine) as running,
        plugins.open_reward(name, params.score, params.machine) as reward,
    ):
        rows, metrics = evaluate(
            sets,
            lambda problems, n, sampling: draw(
                running, problems, n, sampling, params.sample.batch_rows
            ),
            reward,
            params.eval,
            seed_for(params.seed, "eval"),
        )
    for name, found in metrics.items():
        assert isinstance(found, dict)
        where = f"evaluating {iteration} on {name}; its metrics were not written"
        allowed = params.score.max_fault_rate
        check_faults(found["num_faults"], found["num_scored"], allowed, where)
    storage.write_rows("eval", layout.eval_rows(iteration), rows)
    storage.write_json(layout.evaluation(iteration), metrics)
    log.info("eval %s: %d problems in %.0f s -> %s", iteration, sum(map(len, sets.values())),
             time.monotonic() - started, layout.evaluation(iteration))  # fmt: skip


def problem_sets(params: Params) -> dict[str, list[Problem]]:
    """Every split, of D the first `eval.train_problems`. Raises: DataError if one is missing."""
    transfer = {path.stem for path in layout.PROBLEMS.glob("*.parquet")}
    names = sorted(transfer | {"train", "val", "test"})
    sets = {name: storage.read_problems(layout.problems(name)) for name in names}
    sets["train"] = sets["train"][: params.eval.train_problems]
    return sets


def draw(
    engine: Engine, problems: Sequence[Problem], n: int, sampling: Sampling, batch_rows: int
) -> list[list[Completion]]:
    """n completions of each problem, in the order of the problems."""
    greedy = sampling.temperature == 0
    found: dict[str, dict[int, Completion]] = {p.problem_id: {} for p in problems}
    shards = make_shards(problems, n, batch_rows, greedy)
    what = "eval: greedy" if greedy else f"eval: T {sampling.temperature}"
    with Progress(what, len(problems), "problems") as bar:
        for shard, completions in engine.generate(shards, sampling):
            for request, texts in zip(shard.requests, completions, strict=True):
                found[request.problem_id].update(enumerate(texts, request.first))
            bar.advance(sum(len(row) >= n for row in found.values()) - bar.count)
    return [[found[p.problem_id][k] for k in range(n)] for p in problems]
