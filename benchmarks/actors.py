"""Tokens per wall-second of engine `ray` with one actor and with two, in one run, on the embedded
world's base model.

    PYTHONPATH=src python benchmarks/actors.py [FOLDER]       # models/0, of `dvc repro base`

The actors hold engine `hf`, one thread each, on a Ray of this machine. Starting the cluster and the
actors is reported apart. Engine `hf` with as many processes, without Ray, is what it adds to.
"""

from __future__ import annotations

import logging
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

from engines import drawn, problems

from restem.core import params, plugins
from restem.core.records import Problem

REPEATS = 3


def rates(name: str, model_dir: Path, workers: int, found: list[Problem]) -> tuple[float, float]:
    """Seconds until the first pass is through, and median tokens per second of those after it."""
    values = params.load()
    sample = replace(values.sample, ray_engine="hf", batch_rows=128)
    began, rates = time.monotonic(), []
    module = plugins.load("engine", name)
    with module.open_engine(model_dir, sample, replace(values.machine, workers=workers)) as engine:
        drawn(engine, found)
        start = time.monotonic() - began
        for _ in range(REPEATS):
            since = time.monotonic()
            rates.append(drawn(engine, found) / (time.monotonic() - since))
    return start, statistics.median(rates)


def main(model_dir: str = "models/0") -> None:
    """Measure and print a Markdown table."""
    if not (Path(model_dir) / "config.json").exists():
        raise SystemExit(f"{model_dir} is no model folder; `dvc repro base` makes models/0")
    logging.disable(logging.WARNING)
    found, folder = problems(), Path(model_dir)
    print("| engine | workers | tokens per second | against one | start and first pass, s |")
    print("|---|--:|--:|--:|--:|")
    for name in ("hf", "ray"):
        one = 0.0
        for workers in (1, 2):
            start, rate = rates(name, folder, workers, found)
            one = one or rate
            print(f"| `{name}` | {workers} | {rate:,.0f} | {rate / one:.2f} | {start:.1f} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
