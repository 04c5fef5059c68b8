"""Record the experiment in MLflow, from the files of the pipeline.

Stages run in their own processes and are often served from DVC's cache without running at all, so
what MLflow shows is rebuilt here: one run per DVC experiment, a nested run per policy. The run is
found by the content of the experiment, so that tracking the same results twice makes one run.
A tracking server that fails costs the record, never the results.
"""

from __future__ import annotations

import csv
import logging
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from restem.core import layout, params, storage
from restem.core.params import Params
from restem.core.scratch import write_atomically
from restem.core.seeds import digest, stable_hash
from restem.stages.mlflow_store import (
    Curve,
    Experiment,
    Policy,
    TrackingError,
    record,
    tracking_uri,
)

log = logging.getLogger(__name__)

MARKER = Path("metrics/mlflow.key")
LOCK = Path("dvc.lock")
MAX_TAG = 5000  # characters; MLflow takes 8,000
ARTIFACTS = (Path("params.yaml"), LOCK, layout.SUMMARY, layout.ITERATIONS_CSV,
             Path("metrics/report.html"))  # fmt: skip


def run(values: Params, iteration: str | None) -> None:
    """Write metrics/mlflow.key. Raises: DataError if the pipeline's files are missing."""
    experiment = gather(values)
    try:
        run_id, is_new = record(experiment)
    except TrackingError as error:
        log.warning("track: not recorded, %s fails: %s. Nothing else is lost; mend it and run "
                    "`dvc repro -fs track`", tracking_uri(), error)  # fmt: skip
        write_atomically(MARKER, b"not recorded\n")
        return
    # Deterministic, and ignored by git: a fresh clone has no such file, so it fills its own MLflow.
    write_atomically(MARKER, f"{experiment.key}\n".encode())
    log.info("track: MLflow run %s %s, %d policies -> %s", run_id,
             "recorded" if is_new else "was recorded already", len(experiment.policies),
             tracking_uri())  # fmt: skip


def gather(values: Params) -> Experiment:
    """The experiment as the files tell it. Raises: DataError."""
    md5s = locked_md5s()
    names = ["0", "human", *(str(k) for k in range(1, values.iters + 1))]
    e_steps = monitors()
    policies = [p for name in names if (p := _policy(name, e_steps.get(name, {}), md5s))]
    adopted = _adopted()
    flat = params.flatten(values)
    results = {key: value for key, value in flat.items() if not key.startswith("machine.")}
    content = [(p.name, _result(p.metrics), p.curve, p.model_md5) for p in policies]
    commit = git("rev-parse", "HEAD")
    experiment = os.environ.get("DVC_EXP_NAME", "")
    return Experiment(
        name=experiment or git("rev-parse", "--abbrev-ref", "HEAD") or "workspace",
        key=stable_hash(results, content, md5s.get(str(layout.PROBLEMS), ""), *adopted)[:16],
        params=flat,
        policies=policies,
        data_md5=md5s.get(str(layout.PROBLEMS), ""),
        tags={
            "dvc.exp": experiment,
            "dvc.stage": os.environ.get("DVC_STAGE", ""),
            "dvc.baseline_rev": os.environ.get("DVC_EXP_BASELINE_REV", commit),
            "mlflow.source.git.commit": commit,
            **({"restem.adopted": "; ".join(adopted)[:MAX_TAG]} if adopted else {}),
        },
        artifacts=tuple(path for path in ARTIFACTS if path.is_file()),
    )


def _adopted() -> list[str]:
    """Work of earlier code that the user adopted, a line for each stage."""
    found = storage.read_json(layout.SUMMARY).get("adopted", {})
    assert isinstance(found, dict)
    return [f"{stage}: {text}" for stage, text in found.items()]


def _policy(name: str, e_step: dict[str, float], md5s: dict[str, str]) -> Policy | None:
    """None if the policy was skipped (`human.max_epochs: 0`)."""
    evaluation = storage.read_json(layout.evaluation(name))
    if evaluation.get("idle"):
        return None
    training = layout.training(name)
    return Policy(
        name=name,
        metrics={**dict(evaluation_metrics(evaluation)), **e_step, **cost_metrics(name)},
        curve=curve(storage.read_json(training)) if training.is_file() else {},
        model_md5=md5s.get(str(layout.model(name)), ""),
        data_md5=md5s.get(str(layout.train_rows(name)), ""),
    )


def _result(metrics: dict[str, float]) -> dict[str, float]:
    """What a rerun would repeat: all but what it cost."""
    costs = ("sampling/", "training/")
    return {key: value for key, value in metrics.items() if not key.startswith(costs)}


def cost_metrics(name: str) -> dict[str, float]:
    """`sampling/…` and `training/…` of an iteration: seconds by what they went to, tokens per
    second, memory; nothing where its samples were drawn, or its model trained, elsewhere."""
    return {
        **_cost("sampling", layout.sampling(name), layout.samples(name)),
        **_cost("training", layout.training_cost(name), layout.training(name)),
    }


def _cost(what: str, path: Path, of: Path) -> dict[str, float]:
    cost = storage.read_json(path) if path.is_file() and of.exists() else {}
    if not cost or cost.get("of") != digest(of):
        return {}
    seconds = cost.get("seconds", {})
    assert isinstance(seconds, dict)
    found = {f"{what}/{part}_s": float(value) for part, value in seconds.items()}
    rates = ("tokens_per_s", "padded_tokens_per_s", "mfu", "peak_mb")
    return {**found, **{f"{what}/{key}": float(str(cost[key])) for key in rates if cost.get(key)}}


def evaluation_metrics(evaluation: dict[str, object]) -> Iterator[tuple[str, float]]:
    """`test/pass_at_1` and so on, all greedy or means in [0, 1]; `pass@1` is no legal MLflow name.

    `pass_at_1_sampled` is pass@1 at the temperature of pass@k.
    """
    for name, values in evaluation.items():
        if not isinstance(values, dict):
            continue
        yield f"{name}/pass_at_1", float(values["pass_at_1"]["mean"])
        yield f"{name}/mean_tokens", float(values["mean_tokens"])
        yield f"{name}/truncated", values["outcomes"].get("truncated", 0) / values["num_problems"]
        for k, interval in values.get("pass_at", {}).items():
            suffix = "pass_at_1_sampled" if k == "1" else f"pass_at_{k}"
            yield f"{name}/{suffix}", float(interval["mean"])
        for k, interval in values.get("maj_at", {}).items():
            yield f"{name}/maj_at_{k}", float(interval["mean"])


def monitors() -> dict[str, dict[str, float]]:
    """`e_step/…` of every iteration, from the columns `e_step.…` of the report's table."""
    if not layout.ITERATIONS_CSV.is_file():
        return {}
    with layout.ITERATIONS_CSV.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        row["iteration"]: {
            name.replace(".", "/"): float(value)
            for name, value in row.items()
            if name.startswith("e_step.") and re.fullmatch(r"-?[0-9.]+", value)
        }
        for row in rows
    }


def curve(training: dict[str, object]) -> Curve:
    """Loss, gradient norm and learning rate by update, and the reward of the D_val checks."""
    points: Curve = {}
    for source, names in (
        ("curve", ("loss", "grad_norm", "learning_rate")),
        ("checks", ("reward",)),
    ):
        rows = training.get(source, [])
        assert isinstance(rows, list)
        for row in rows:
            found = {
                f"train/{name}": float(row[name]) for name in names if row.get(name) is not None
            }
            points.setdefault(int(row["step"]), {}).update(found)
    return points


def locked_md5s() -> dict[str, str]:
    """Path to DVC's hash of every output, from dvc.lock; DVC rewrites it after each stage."""
    import yaml

    if not LOCK.is_file():
        return {}
    stages = (yaml.safe_load(LOCK.read_text("utf-8")) or {}).get("stages", {})
    return {
        out["path"]: out["md5"]
        for stage in stages.values()
        for out in stage.get("outs", [])
        if "md5" in out
    }


def git(*arguments: str) -> str:
    """The answer of git, "" outside a repository."""
    answer = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else ""
