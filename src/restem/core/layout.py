"""Where every stage reads and writes, relative to the repository root, as in dvc.yaml.

An iteration is "1".."5"; "0" is the base model and "human" the control trained on human solutions.
"""

from __future__ import annotations

from pathlib import Path

from restem.core import storage

INPUTS = Path("data/inputs")
PROBLEMS = Path("data/problems")
SUMMARY = Path("metrics/summary.json")
ITERATIONS_CSV = Path("metrics/iterations.csv")
QUARANTINE = PROBLEMS / "quarantine.jsonl"
PREPARED = PROBLEMS / "prepared.json"
AUDIT = Path("metrics/audit.json")
LEDGERS = Path("data/audit")


def code(stage: str) -> Path:
    return Path(f"data/code/{stage}.txt")


def plan(iteration: str) -> Path:
    return Path(f"data/plan/{iteration}.json")


def problems(split: str) -> Path:
    return PROBLEMS / f"{split}.parquet"


def samples(iteration: str) -> Path:
    return Path(f"data/iterations/{iteration}/samples.parquet")


def sampling(iteration: str) -> Path:
    return Path(f"metrics/sampling/{iteration}.json")


def scored(iteration: str) -> Path:
    return Path(f"data/iterations/{iteration}/scored.parquet")


def train_rows(iteration: str) -> Path:
    return Path(f"data/iterations/{iteration}/train.parquet")


def eval_rows(iteration: str) -> Path:
    return Path(f"data/iterations/{iteration}/eval.parquet")


def model(iteration: str) -> Path:
    return Path(f"models/{iteration}")


def training(iteration: str) -> Path:
    return Path(f"metrics/training/{iteration}.json")


def training_cost(iteration: str) -> Path:
    return Path(f"metrics/training_cost/{iteration}.json")


def evaluation(iteration: str) -> Path:
    return Path(f"metrics/iterations/{iteration}.json")


def is_active(iteration: str) -> bool:
    """Whether params.yaml's `iters` reaches this iteration; everything but "1".."5" always is.

    Raises: DataError if the plan is missing or broken.
    """
    if not iteration.isdigit() or iteration == "0":
        return True
    return storage.read_json(plan(iteration)).get("active") is True
