"""Solutions per CPU-second of reward `math` against plain math-verify, in one run.

    PYTHONPATH=src python benchmarks/scorer.py            # solutions of the embedded world
    RESTEM_DATA=FOLDER PYTHONPATH=src python benchmarks/scorer.py

FOLDER holds gsm8k_model_solutions/ (example_model_solutions.jsonl.gz of openai/grade-school-math),
mathcoder_gsm8k/ (one run of MathCoder) and math/ (a slice of MATH): real outputs.
math-verify is called as its README says: parse the gold, parse the text, verify.

Memo off: nothing that was found out about one sample is known at the next, not even its gold. Memo
on: as it is used; the last row has as many samples as an iteration, which go round. CPU seconds of
this process and its one worker. Neither side's start is counted: imports and first parses there,
the start of the worker (about 1.3 s) here.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from clock import timed

from restem.core import params
from restem.core.records import Problem
from restem.rewards import algebra, normal
from restem.rewards.extract import extract
from restem.rewards.math import MathReward
from restem.rewards.pool import Pool, open_pool
from restem.tasks import math_world

ROOT = Path(__file__).resolve().parents[1]
NUM_SAMPLES = 20_000
COLUMNS = (
    *("samples", "number", "ours, memo off, CPU s", "ours, memo on, CPU s", "math-verify, CPU s"),
    *("ours per CPU s, off / on", "math-verify per CPU s", "ratio, memo off", "ratio, memo on"),
    "same reward",
)
Sample = tuple[Problem, str]
SYSTEMS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
RUN = "MathCoder-L-7b.20230916-1751.{}.jsonl.gz"


def problem(answer: str) -> Problem:
    return Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps({"answer": answer}), None)


# ---- samples


def world_samples() -> list[Sample]:
    """Solutions of the embedded world, each judged against its own gold and against its
    neighbour's."""
    problems = math_world.problems(params.load(ROOT / "params.yaml").data)["train"][:1000]
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


def mathcoder_samples(folder: Path) -> list[Sample]:
    """1,319 transcripts: words, programs and what these printed."""
    samples = []
    for kind in ("correct", "wrong"):
        with gzip.open(folder / RUN.format(kind), "rt") as lines:
            rows = [json.loads(line) for line in lines]
        for row in rows:
            blocks = [b for b in row["debug_result"] if b["role"] in ("text", "code", "execution")]
            text = "\n".join(block["content"] for block in blocks)
            samples.append((problem(str(row["ground_truth"]["answer"])), text))
    return samples


def math_samples(folder: Path) -> list[Sample]:
    """MATH's own solutions, against their own gold and their neighbour's; a third takes algebra."""
    with gzip.open(folder / "derived.train_350.jsonl.gz", "rt") as lines:
        texts = [json.loads(line)["solution"] for line in lines]
    golds = [problem(found.answer) for found in map(extract, texts) if found]
    return [*zip(golds, texts, strict=True), *zip(golds, texts[1:] + texts[:1], strict=True)]


# ---- both sides


@contextmanager
def worker(forgets: bool) -> Iterator[Pool]:
    """The worker for algebra, started."""
    timeout_s = params.load(ROOT / "params.yaml").score.timeout_s
    work = _forgetful if forgets else algebra.equal
    with open_pool(1, timeout_s, algebra.warm_up, work) as pool:
        pool.map([("x", "y")])
        yield pool


def _forgetful(pair: tuple[str, str]) -> tuple[str, str]:
    """Algebra, in a worker that remembers no formula."""
    algebra._parsed.cache_clear()
    normal.normalise.cache_clear()
    return algebra.equal(pair)


def without_memo(pool: Pool, samples: Sequence[Sample]) -> list[bool]:
    rewards = []
    for p, text in samples:
        normal.normalise.cache_clear()
        rewards.append(MathReward(pool).score([p], [text])[0].reward == 1)
    return rewards


def with_memo(pool: Pool, samples: Sequence[Sample]) -> list[bool]:
    normal.normalise.cache_clear()
    verdicts = MathReward(pool).score([p for p, _ in samples], [text for _, text in samples])
    return [verdict.reward == 1 for verdict in verdicts]


def math_verify(samples: Sequence[Sample]) -> list[bool]:
    """The usage of its README, per sample."""
    from math_verify import parse, verify

    rewards = []
    for p, text in samples:
        gold = parse(f"${json.loads(p.gold)['answer']}$")
        rewards.append(bool(verify(gold, parse(text))))
    return rewards


# ---- the table


def table_row(name: str, samples: Sequence[Sample]) -> str:
    """Both sides on the same samples, as a row of a Markdown table."""
    count = len(samples)
    with worker(forgets=True) as pool:
        rewards, off = timed(partial(without_memo, pool, samples))
    with worker(forgets=False) as pool:
        again, on = timed(partial(with_memo, pool, samples))
    assert rewards == again, "a verdict depends on the memo"
    their_rewards, theirs = timed(partial(math_verify, samples))
    agree = sum(a == b for a, b in zip(rewards, their_rewards, strict=True))
    cells = (
        *(name, f"{count:,}", f"{off.cpu:.2f}", f"{on.cpu:.2f}", f"{theirs.cpu:.2f}"),
        *(f"{count / off.cpu:,.0f} / {count / on.cpu:,.0f}", f"{count / theirs.cpu:,.0f}"),
        *(f"**{theirs.cpu / off.cpu:.1f}x**", f"{theirs.cpu / on.cpu:.1f}x"),
        f"{agree / count:.2%}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    logging.disable(logging.WARNING)
    math_verify([(problem("1"), r"$\frac{1}{2}$")])
    pools = [("embedded world, own and neighbour's gold", world_samples())]
    if "RESTEM_DATA" in os.environ:
        folder = Path(os.environ["RESTEM_DATA"])
        real = [
            ("GSM8K, solutions of 4 systems", gsm8k_samples(folder / "gsm8k_model_solutions")),
            ("GSM8K, MathCoder's transcripts", mathcoder_samples(folder / "mathcoder_gsm8k")),
            ("MATH, own and neighbour's gold", math_samples(folder / "math")),
        ]
        together = [sample for _, samples in real for sample in samples]
        pools += [*real, ("**the last three together**", together)]
    pool = pools[-1][1]
    pools.append(("the same, going round", list(islice(cycle(pool), NUM_SAMPLES))))
    print(f"| {' | '.join(COLUMNS)} |")
    print("|---" + "|--:" * (len(COLUMNS) - 1) + "|")
    for name, samples in pools:
        print(table_row(name, samples), flush=True)


if __name__ == "__main__":
    main()
