"""Solutions per CPU-second of reward `math` against plain math-verify, in one run.

    PYTHONPATH=src python benchmarks/scorer.py            # solutions of the embedded world
    RESTEM_DATA=FOLDER PYTHONPATH=src python benchmarks/scorer.py

FOLDER holds gsm8k_model_solutions/ (example_model_solutions.jsonl.gz of openai/grade-school-math)
and math/ (a slice of MATH): with it, three of four samples are recorded GSM8K solutions.
math-verify is called as its README says: parse the gold, parse the text, verify. Both sides score
the same 20,000 samples; the pool is made of fewer texts and goes round, as the samples of an
iteration do. CPU seconds of this process and its workers; imports and first parses are not counted
for math-verify, the start of our workers is counted for us.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import resource
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path

from restem.core.params import Data, Machine, Score
from restem.core.records import Problem
from restem.rewards.extract import extract
from restem.rewards.math import open_reward
from restem.tasks import math_world

NUM_SAMPLES = 20_000
HEADER = (
    "| samples | number | texts | our CPU s | math-verify CPU s "
    "| ours per CPU s | math-verify per CPU s | ratio | same reward |"
)
Sample = tuple[Problem, str]
SYSTEMS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


def problem(answer: str) -> Problem:
    return Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps({"answer": answer}), None)


def world_samples() -> list[Sample]:
    """Solutions of the embedded world, each judged against its own gold and against its
    neighbour's."""
    data = Data("src/restem/worlds", 0, 2, 1000, 25, 25, 0)
    problems = math_world.problems(data)["train"]
    texts = [str(p.human_solution) for p in problems]
    return [*zip(problems, texts, strict=True), *zip(problems, texts[1:] + texts[:1], strict=True)]


def gsm8k_samples(folder: Path) -> list[Sample]:
    """5,276 recorded solutions of four systems."""
    with gzip.open(folder / "example_model_solutions.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        (problem(row["ground_truth"].rpartition("A:")[2].strip()), row[system]["solution"])
        for row in rows
        for system in SYSTEMS
    ]


def math_samples(folder: Path) -> list[Sample]:
    """MATH's own solutions, against their own gold and their neighbour's; a third takes algebra."""
    with gzip.open(folder / "derived.train_350.jsonl.gz", "rt") as lines:
        texts = [json.loads(line)["solution"] for line in lines]
    golds = [problem(found.answer) for found in map(extract, texts) if found]
    return [*zip(golds, texts, strict=True), *zip(golds, texts[1:] + texts[:1], strict=True)]


def ours(samples: Sequence[Sample]) -> list[bool]:
    with open_reward(Score(5.0, 0.01), Machine(1)) as reward:
        verdicts = reward.score([p for p, _ in samples], [text for _, text in samples])
    return [verdict.reward == 1 for verdict in verdicts]


def math_verify(samples: Sequence[Sample]) -> list[bool]:
    """The usage of its README, per sample."""
    from math_verify import parse, verify

    rewards = []
    for p, text in samples:
        gold = parse(f"${json.loads(p.gold)['answer']}$")
        rewards.append(bool(verify(gold, parse(text))))
    return rewards


def cpu_seconds() -> float:
    """Of this process and of the workers that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(
    score: Callable[[Sequence[Sample]], list[bool]], samples: Sequence[Sample]
) -> tuple[float, list[bool]]:
    start = cpu_seconds()
    rewards = score(samples)
    return cpu_seconds() - start, rewards


def table_row(name: str, pool: Sequence[Sample], count: int) -> str:
    """Both sides on the same samples, as a row of a Markdown table."""
    samples = list(islice(cycle(pool), count))
    our_s, our_rewards = timed(ours, samples)
    their_s, their_rewards = timed(math_verify, samples)
    agree = sum(a == b for a, b in zip(our_rewards, their_rewards, strict=True))
    cells = (
        *(f"{count:,}", f"{len(pool):,}", f"{our_s:.2f}", f"{their_s:.2f}"),
        *(f"{count / our_s:,.0f}", f"{count / their_s:,.0f}"),
        *(f"**{their_s / our_s:.1f}x**", f"{agree / count:.2%}"),
    )
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    logging.disable(logging.WARNING)
    math_verify([(problem("1"), r"$\frac{1}{2}$")])
    world = world_samples()
    pools = [("embedded world", world, NUM_SAMPLES)]
    if "RESTEM_DATA" in os.environ:
        folder = Path(os.environ["RESTEM_DATA"])
        recorded = gsm8k_samples(folder / "gsm8k_model_solutions")
        answers = math_samples(folder / "math")
        mixed = [*recorded, *world[: len(recorded) // 3]]
        pools = [
            ("GSM8K solutions and embedded world, 3 : 1", mixed, NUM_SAMPLES),
            ("the same, every text once", mixed, len(mixed)),
            ("MATH solutions, every text once", answers, len(answers)),
        ]
    print(HEADER)
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, pool, count in pools:
        print(table_row(name, pool, count), flush=True)


if __name__ == "__main__":
    main()
