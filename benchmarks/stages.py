"""Wall time, CPU time and memory of each stage of the default experiment, in a fresh clone.

    python benchmarks/stages.py [FOLDER_FOR_THE_CLONE]

Each stage runs alone through `dvc repro -s`, so the times include DVC and the imports. Memory is
the largest sum of proportional set sizes of a stage's processes, looked at twice a second.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
ENV = {
    **os.environ,
    "PYTHONPATH": "src",
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
}


def memory_of(process: psutil.Process, peak: list[int]) -> None:
    """Raise `peak[0]` to the bytes that the process and its descendants hold, until it ends."""
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        total = 0
        for one in (process, *process.children(recursive=True)):
            try:
                total += one.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        peak[0] = max(peak[0], total)
        time.sleep(0.5)


def measure(words: list[str], repo: Path) -> tuple[float, float, float]:
    """Seconds of wall clock, seconds of CPU, peak GB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    child = subprocess.Popen(words, cwd=repo, env=ENV, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    peak = [0]
    watch = threading.Thread(target=memory_of, args=(psutil.Process(child.pid), peak), daemon=True)
    watch.start()
    if child.wait():
        raise SystemExit(f"{' '.join(words)} failed")
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, peak[0] / 1e9


def main() -> None:
    folder = Path(sys.argv[1] if sys.argv[1:] else tempfile.mkdtemp(prefix="restem-stages-"))
    repo = folder / "repo"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(repo)], check=True)
    (repo / "dvc.lock").unlink(missing_ok=True)
    listed = ["dvc", "stage", "list", "--name-only"]
    done = subprocess.run(listed, cwd=repo, env=ENV, check=True, text=True, capture_output=True)
    print("| stage | wall, s | CPU, s | peak memory, GB |")
    print("|---|--:|--:|--:|")
    total = [0.0, 0.0, 0.0]
    for stage in order(done.stdout.split()):
        wall, cpu, gigabytes = measure(["dvc", "repro", "-q", "-s", stage], repo)
        total = [total[0] + wall, total[1] + cpu, max(total[2], gigabytes)]
        if wall > 2:
            print(f"| {stage} | {wall:.1f} | {cpu:.1f} | {gigabytes:.2f} |", flush=True)
    print(f"| **all** | {total[0]:.0f} | {total[1]:.0f} | {total[2]:.2f} |")


def order(stages: list[str]) -> list[str]:
    """The order of the loop: iteration by iteration, what looks at all of them last."""
    loop, last = ("sample", "score", "filter", "train", "eval"), ("audit", "report", "track")
    first = [s for s in stages if "@" not in s and s not in last]
    numbers = sorted({s.split("@")[1] for s in stages if "@" in s})
    return [*first, *(f"{s}@{k}" for k in numbers for s in loop), *last]


if __name__ == "__main__":
    main()
