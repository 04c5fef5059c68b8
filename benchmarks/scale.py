"""Wall time, CPU time and memory of score and filter at the size of the paper's E-step and beyond.

    PYTHONPATH=src python benchmarks/scale.py [SAMPLES_PER_PROBLEM ...]      # 32 unless told

7,500 problems, made up here and shaped like GSM8K (two of three) and MATH: solutions of about 150
tokens, about 40 % of them correct, wrong answers that repeat, as a model's do, LaTeX that needs
math-verify, 2 % without an answer, 3 % cut off. The stages run as a user runs them, each in a
process of its own. 320 samples per problem are 2.4 million rows.

Memory, in MB: the largest resident set of the stage's own process, and the largest sum of those of
its workers, looked at five times a second. The last table is that of the sample stage's last
step: merging the shards of its store into samples.parquet.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import psutil

from restem.core import layout, storage
from restem.core.protocols import Shard
from restem.core.records import Completion, Problem, SampleRow
from restem.core.scratch import scratch
from restem.sampling.shards import SAMPLES_PER_SHARD, chunk_shards
from restem.sampling.store import Round, Store

ROOT = Path(__file__).resolve().parents[1]
NUM_PROBLEMS, BATCH_ROWS = 7_500, 256
SIZES = (1_000, 10_000, 100_000, 1_000_000)  # rows of the store
NAMES = ("Ali", "Berta", "Chen", "Dora", "Emeka", "Fatima", "Goran", "Hana")
THINGS = ("apples", "books", "coins", "tickets", "marbles", "stamps", "chairs", "eggs")


# ---- what is scored


def make_problem(number: int) -> Problem:
    rng = random.Random(f"problem {number}")
    a, b, c = rng.randint(2, 60), rng.randint(2, 30), rng.randint(2, 12)
    if number % 3:
        subject, answer = "gsm8k", str(a * b + c)
    else:
        subject = "math"
        forms = (str(a * c), rf"\frac{{{a}}}{{{b}}}", rf"{c}\sqrt{{{b}}}", f"x^2+{a + c}x+{a * c}")
        answer = rng.choices(forms, (40, 20, 20, 20))[0]  # 80 % of all are plain numbers
    question = f"{rng.choice(NAMES)} has {a} boxes of {b} {rng.choice(THINGS)} and {c} more."
    gold = json.dumps({"answer": answer})
    return Problem(f"{subject}-{number:05d}", subject, "train", subject, 1 + number % 5, question,
                   f"Question: {question}\nAnswer:", ("Question:",), gold, None)  # fmt: skip


def other_form(answer: str, rng: random.Random) -> str:
    """The same value, written otherwise; some of it takes algebra."""
    if answer.startswith(r"\frac"):
        top, bottom = (int(word.strip("{}")) for word in answer[5:].split("}{"))
        return rng.choice((f"{top}/{bottom}", rf"\frac{{{2 * top}}}{{{2 * bottom}}}"))
    if r"\sqrt" in answer:
        outer, inner = answer[:-1].split(r"\sqrt{")
        return rng.choice(
            (rf"\sqrt{{{int(outer) ** 2 * int(inner)}}}", rf"\sqrt{{{inner}}}*{outer}")
        )
    if answer.startswith("x^2+"):
        middle, last = answer[4:].split("x+")
        return rng.choice((f"{last}+{middle}x+x^2", f"x(x+{middle})+{last}"))
    return answer


def mistake(answer: str, rng: random.Random) -> str:
    """One of about ten near misses, some far more often than others."""
    digits = [i for i, sign in enumerate(answer) if sign.isdigit()]
    at, by = rng.choice(digits[-2:]), min(9, 1 + int(rng.expovariate(0.5)))
    return answer[:at] + str((int(answer[at]) + by) % 10) + answer[at + 1 :]


@cache
def _lines() -> list[str]:
    rng = random.Random("lines")
    drawn = [(rng.choice(NAMES), rng.choice(THINGS), rng.randint(2, 99), rng.randint(2, 40))
             for _ in range(20_000)]  # fmt: skip
    return [f"{name} counts {x} {things} {y} times, so there are {x} * {y} = "
            f"<<{x}*{y}={x * y}>>{x * y} of them." for name, things, x, y in drawn]  # fmt: skip


def completion(problem: Problem, index: int) -> Completion:
    rng = random.Random(f"{problem.problem_id} {index}")
    skill = random.Random(problem.problem_id).betavariate(0.8, 1.2)  # 40 % in the mean
    answer = json.loads(problem.gold)["answer"]
    if rng.random() > skill:
        answer = mistake(answer, rng)
    elif rng.random() < 0.3:
        answer = other_form(answer, rng)
    steps = rng.choices(_lines(), k=rng.randint(5, 9))
    end = rf"The answer is $\boxed{{{answer}}}$." if problem.task == "math" else f"#### {answer}"
    kind = rng.random()
    text = (
        "\n".join([*steps, end]) if kind > 0.02 else "There are not enough numbers to tell.\n" * 14
    )
    cut = kind > 0.97
    return Completion(text, len(text) // 4, "length" if cut else "stop", -0.2 * len(text))


def write_inputs(folder: Path, num_samples: int) -> None:
    problems = sorted(map(make_problem, range(NUM_PROBLEMS)), key=lambda p: p.problem_id)
    rows = (
        asdict(
            SampleRow(p.problem_id, i, **asdict(completion(p, i)), sample_id=f"{p.problem_id}-{i}")
        )
        for p in problems
        for i in range(num_samples)
    )
    storage.write_problems(folder / layout.problems("train"), problems)
    storage.write_rows("samples", folder / layout.samples("1"), rows)
    storage.write_json(folder / layout.plan("1"), {"active": True})
    shutil.copy(ROOT / "params.yaml", folder)


# ---- measuring


@dataclass
class Cost:
    """Seconds and megabytes of one process and of those below it."""

    wall: float
    cpu: float
    own: float = 0.0
    workers: float = 0.0


def measure(words: list[str], folder: Path) -> Cost:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    environment.pop("DVC_ROOT", None)
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    child = subprocess.Popen([sys.executable, *words], cwd=folder, env=environment)
    cost = Cost(0.0, 0.0)
    watch = threading.Thread(target=_watch, args=(psutil.Process(child.pid), cost), daemon=True)
    watch.start()
    if child.wait():
        raise SystemExit(f"{' '.join(words)} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost.wall = time.monotonic() - started
    cost.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cost


def _watch(process: psutil.Process, cost: Cost) -> None:
    """Until it ends."""
    while True:
        try:
            own = process.memory_info().rss
            below = sum(one.memory_info().rss for one in process.children(recursive=True))
        except psutil.NoSuchProcess:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return
            continue  # a worker ended meanwhile
        if not own:
            return
        cost.own, cost.workers = max(cost.own, own / 1e6), max(cost.workers, below / 1e6)
        time.sleep(0.2)


# ---- the tables


def stages(num_samples: int) -> None:
    num_rows = NUM_PROBLEMS * num_samples
    outputs = {"score": layout.scored("1"), "filter": layout.train_rows("1")}
    with tempfile.TemporaryDirectory(prefix="restem-scale-") as name:
        folder = Path(name)
        write_inputs(folder, num_samples)
        given = (folder / layout.samples("1")).stat().st_size / 1e6
        for stage, output in outputs.items():
            cost = measure(["-m", "restem", stage, "1"], folder)
            size = (folder / output).stat().st_size / 1e6
            print(f"| {num_rows:,} | {stage} | {cost.wall:.1f} | {cost.cpu:.1f} | "
                  f"{num_rows / cost.wall:,.0f} | {cost.own:.0f} | {cost.workers:.0f} | "
                  f"{given:.0f} | {size:.0f} | {os.getloadavg()[0]:.1f} |", flush=True)  # fmt: skip
            given = size


def _rounds(num_rows: int) -> list[Round]:
    problems = sorted(map(make_problem, range(num_rows // 32)), key=lambda p: p.problem_id)
    return [(problems, first) for first in range(0, 32, SAMPLES_PER_SHARD)]


def _shards(rounds: list[Round]) -> Iterator[Shard]:
    return (shard for one in rounds for shard in chunk_shards(*one, BATCH_ROWS, 32))


def fill(num_rows: int) -> None:
    """Run in the folder of a store; a few texts stand for all."""
    texts = [completion(make_problem(7), i) for i in range(SAMPLES_PER_SHARD)]
    with scratch("sample-1", {}, keep=True) as work:
        store = Store(work, {})
        for shard in _shards(_rounds(num_rows)):
            store.add(shard, [texts for _ in shard.requests])


def merge(num_rows: int) -> None:
    """Run in the folder of a store."""
    with scratch("sample-1", {}, keep=True) as work:
        rows = Store(work, {}).merged(_rounds(num_rows), BATCH_ROWS, 32)
        storage.write_rows("samples", layout.samples("1"), map(asdict, rows))


def merges() -> None:
    for num_rows in SIZES:
        with tempfile.TemporaryDirectory(prefix="restem-scale-") as name:
            for work in ("fill", "merge"):
                cost = measure([str(Path(__file__).resolve()), work, str(num_rows)], Path(name))
        print(f"| {num_rows:,} | {cost.wall:.1f} | {cost.cpu:.1f} | {num_rows / cost.wall:,.0f} | "
              f"{cost.own:.0f} | {os.getloadavg()[0]:.1f} |", flush=True)  # fmt: skip


def main() -> None:
    words = sys.argv[1:] or ["32"]
    if words[0] in ("fill", "merge"):
        (fill if words[0] == "fill" else merge)(int(words[1]))
        return
    print("| rows | stage | wall, s | CPU, s | rows/s | own memory, MB | workers' memory, MB | "
          "read, MB | written, MB | load |")  # fmt: skip
    print("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for word in words:
        stages(int(word))
    print("\n| rows merged | wall, s | CPU, s | rows/s | memory, MB | load |")
    print("|--:|--:|--:|--:|--:|--:|")
    merges()


if __name__ == "__main__":
    main()
