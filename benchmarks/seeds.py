"""The default experiment with several seeds: gains with their 95 % intervals.

    python benchmarks/seeds.py 0 1 2 --iters 3 --jobs 2

Each seed is a clone of the committed tree in which `seed` and `base.seed` (so also the pre-trained
base) are set and `dvc repro` runs; the problems are the same in all. Hits are averaged over the
seeds per problem, then the problems are resampled (paired bootstrap): the intervals cover the
choice of problems, and the columns of single seeds show the spread between bases.
Prints Markdown and writes the counts of right answers to benchmarks/seeds.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
from restem.core.storage import read_rows
from restem.evaluation.statistics import bootstrap, paired, verdict

ROOT = Path(__file__).resolve().parents[1]
SETS = ("test", "val", "stories", "train")
DRAWS = 10_000
Hits = dict[str, dict[str, dict[str, int]]]  # policy -> set -> problem_id -> 0/1


def run(seed: int, iters: int, folder: Path) -> Hits:
    """The finished experiment of one seed."""
    repo = folder / f"seed-{seed}"
    env = {
        **os.environ,
        "PYTHONPATH": "src",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    if not repo.exists():  # else it goes on where it was
        subprocess.run(["git", "clone", "-q", str(ROOT), str(repo)], check=True)
    overrides = [f"seed={seed}", f"base.seed={seed}", f"iters={iters}", "machine.workers=1"]
    for words in (
        [sys.executable, "-m", "restem", "configure", *overrides],
        ["dvc", "repro", "report"],
    ):
        with (folder / f"seed-{seed}.log").open("a") as log:
            subprocess.run(words, cwd=repo, env=env, check=True, stdout=log, stderr=log)
    return read_hits(repo, iters)


def read_hits(repo: Path, iters: int) -> Hits:
    hits: Hits = {}
    for policy in ("0", "human", *map(str, range(1, iters + 1))):
        rows = read_rows("eval", repo / f"data/iterations/{policy}/eval.parquet")
        hits[policy] = {
            name: {str(r["problem_id"]): int(str(r["greedy"])) for r in rows if r["set"] == name}
            for name in SETS
        }
    return hits


def table(runs: dict[int, Hits], iters: int) -> list[str]:
    """Markdown: pass@1 of each policy, then the paired differences."""
    policies = ["0", "human", *map(str, range(1, iters + 1))]
    label = {"0": "base", "human": "SFT on human solutions"}
    seeds = list(runs)
    lines = [
        f"Greedy pass@1 in percent, mean over {len(seeds)} seeds ({', '.join(map(str, seeds))}; "
        "base model included) with a 95 % bootstrap interval over the problems; single seeds in "
        "brackets.",
        "",
        "| policy | "
        + " | ".join(f"{s} ({len(runs[seeds[0]]['0'][s])} problems)" for s in SETS)
        + " |",
        "|---" * (len(SETS) + 1) + "|",
    ]
    for policy in policies:
        cells = []
        for name in SETS:
            values = matrix(runs, policy, name)
            i = bootstrap(values, DRAWS, 0)
            single = " / ".join(f"{100 * sum(v) / len(v):.1f}" for v in values)
            cells.append(
                f"**{100 * i.mean:.1f}** [{100 * i.low:.1f}, {100 * i.high:.1f}] ({single})"
            )
        lines.append(f"| {label.get(policy, f'iteration {policy}')} | " + " | ".join(cells) + " |")
    last = str(iters)
    pairs = [("0", "1"), ("human", "1"), *((str(k - 1), str(k)) for k in range(2, iters + 1)),
             ("0", last), ("human", last), ("0", "human")]  # fmt: skip
    lines += ["", "| difference (paired) | test | stories |", "|---|---|---|"]
    for before, after in dict.fromkeys(pairs):
        cells = []
        for name in ("test", "stories"):
            d = paired(matrix(runs, before, name), matrix(runs, after, name), DRAWS, 0)
            cells.append(
                f"{100 * d.mean:+.1f} [{100 * d.low:+.1f}, {100 * d.high:+.1f}], {verdict(d)}"
            )
        names = [label.get(p, f"iteration {p}") for p in (before, after)]
        lines.append(f"| {names[0]} → {names[1]} | " + " | ".join(cells) + " |")
    return lines


def matrix(runs: dict[int, Hits], policy: str, name: str) -> list[list[int]]:
    """Shape S x P: hits by seed, problems in one order."""
    return [[hits[policy][name][p] for p in sorted(hits[policy][name])] for hits in runs.values()]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--iters", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="seeds run at once, one core each")
    parser.add_argument(
        "--folder", type=Path, help="where the clones go (default: a temporary folder)"
    )
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp(prefix="restem-seeds-"))
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(args.jobs) as pool:
        found = list(pool.map(lambda seed: run(seed, args.iters, folder), args.seeds))
    runs = dict(zip(args.seeds, found, strict=True))
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    command = f"python benchmarks/seeds.py {' '.join(map(str, args.seeds))} --iters {args.iters}"
    head = f"<!-- {command}; commit {commit.stdout.strip()} -->"
    lines = [head, "", *table(runs, args.iters), ""]

    counts = {
        s: {p: {n: sum(h.values()) for n, h in sets.items()} for p, sets in hits.items()}
        for s, hits in runs.items()
    }
    (ROOT / "benchmarks/seeds.json").write_text(json.dumps(counts, indent=1) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
