"""M-step: fine-tune on the kept solutions while the reward on D_val improves.

`train human` is the paper's control: the same M-step on solutions written by people.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from restem.core import layout, plugins, storage
from restem.core.connection import connected
from restem.core.faults import check_faults
from restem.core.judging import reward_name
from restem.core.orphans import end_with_parent
from restem.core.params import Params
from restem.core.progress import Progress
from restem.core.protocols import Engine, Reward, Sampling
from restem.core.records import FAULTS, Problem, Verdict, complete
from restem.core.scratch import scratch, write_atomically
from restem.core.seeds import digest
from restem.sampling.shards import make_shards
from restem.stages.live import watched
from restem.training.job import Job
from restem.training.loop import train
from restem.training.work import asked, inputs

log = logging.getLogger(__name__)


def run(params: Params, iteration: str | None) -> None:
    """Write models/K and metrics/training/K.json, and beside the outputs
    metrics/training_cost/K.json; the last checkpoint survives a kill.

    Raises: DataError, EngineError, ResumeError.
    """
    assert iteration is not None
    started = time.monotonic()
    out = layout.model(iteration)
    if iteration == "human" and params.human.max_epochs == 0:
        _skip(out, iteration)
        return
    one = asked(params, iteration)
    on_ray = params.train.cluster == "ray"
    with (
        connected(params.machine) if on_ray else nullcontext(),
        scratch(f"train-{iteration}", inputs(params, one)) as work,
        Progress(f"train {iteration}", 0, "updates") as bar,
    ):
        job = Job(
            init_dir=one.start,
            base_name=Path(params.model).name,
            out_dir=out,
            work_dir=work.path,
            rows=one.rows,
            train=params.train,
            max_epochs=one.epochs,
            seed=one.seed,
        )

        def on_step(done: int, total: int, live: str) -> None:
            bar.total = bar.bar.total = total
            bar.advance(done - bar.count, live)

        validate = watched(validator(params, job.apart), f"train {iteration}", work.path.name)
        result = train(job, validate, on_step)
        adopted = [entry.told(", ".join(entry.parts)) for entry in work.adopted]
    facts = {**asdict(result), **({"adopted": adopted} if adopted else {})}
    cost = facts.pop("cost")
    storage.write_json(layout.training(iteration), {**facts, "init": one.start.as_posix()})
    told = {"of": digest(layout.training(iteration)), **cost}
    storage.write_json(layout.training_cost(iteration), told)
    log.info("train %s: %d solutions, %d updates, D_val reward %.3f (update %d), %.0f s -> %s",
             iteration, result.num_rows, result.num_updates, result.best_reward, result.best_step,
             time.monotonic() - started, out)  # fmt: skip


def validator(params: Params, apart: bool) -> Callable[[Path], float]:
    """The reward of greedy solutions on D_val, in [0, 1], of a model folder.

    Where training has processes of its own, and the memory of GPUs is wanted back for them,
    answering has one, too: only its end gives all of it back. So has vLLM anywhere.
    """
    import torch

    if params.train.check_engine == "hf" and not (apart and torch.cuda.is_available()):
        return partial(val_reward, params)

    def validate(model_dir: Path) -> float:
        with ProcessPoolExecutor(
            1, get_context("spawn"), end_with_parent, (os.getpid(),)
        ) as answering:
            return answering.submit(val_reward, params, model_dir).result()

    return validate


def val_reward(params: Params, model_dir: Path) -> float:
    problems = storage.read_problems(layout.problems("val"))
    engine = plugins.load("engine", params.train.check_engine)
    module = plugins.load("reward", reward_name(params.reward, problems))
    # starting processes would take longer than the check
    alone = replace(params.machine, workers=1)
    with (
        engine.open_engine(model_dir, params.sample, alone) as running,
        module.open_reward(params.score, alone) as reward,
    ):
        return mean_reward(running, reward, problems, params)


def mean_reward(engine: Engine, reward: Reward, problems: list[Problem], params: Params) -> float:
    """Mean greedy reward over the problems, in [0, 1]. Raises: SandboxError."""
    shards = make_shards(problems, 1, params.sample.batch_rows, greedy=True)
    by_id = {p.problem_id: p for p in problems}
    judged: list[Verdict] = []
    for shard, completions in engine.generate(
        shards, Sampling(0, 0, 1, params.eval.max_new_tokens, 0)
    ):
        drawn = [texts[0] for texts in completions]
        verdicts = reward.score(
            [by_id[r.problem_id] for r in shard.requests], [c.text for c in drawn]
        )
        judged += [complete(v, c.finish_reason) for v, c in zip(verdicts, drawn, strict=True)]
    if faults := [verdict for verdict in judged if verdict.outcome in FAULTS]:
        example = f"on D_val, first {faults[0].outcome}: {faults[0].detail}"
        check_faults(len(faults), len(judged), params.score.max_fault_rate, example)
    return sum(verdict.reward for verdict in judged) / len(problems)


def _skip(out: Path, iteration: str) -> None:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    write_atomically(out / "idle", b"idle\n")
    storage.write_json(layout.training(iteration), {"idle": True})
    log.info("train %s: skipped (human.max_epochs: 0)", iteration)
