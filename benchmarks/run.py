"""Run the benchmarks and write their tables, with commit and machine, into benchmarks/README.md.

make bench                                 the quick ones: sampler, scorer, programs
python benchmarks/run.py engines scale     the others: engines, actors, trainer, scale, stages,
                                           seeds (3, 2, 5, 5, 10 and 25 minutes)

`engines` and `actors` need models/0 (`dvc repro base`) and vLLM and Ray (`make engines`).
`trainer` takes the base model and the kept rows of the run there is, else made-up ones.
`programs` is among the quick ones only where RESTEM_PEERS and RESTEM_DATA name what it compares
with and on; `python benchmarks/programs.py` without them says how to get the peers.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
README = HERE / "README.md"
QUICK = ("sampler", "scorer", "programs")
ALL = (*QUICK, "engines", "actors", "trainer", "scale", "stages", "seeds")
NEEDS = {"programs": ("RESTEM_PEERS", "RESTEM_DATA")}  # in the environment


def machine() -> str:
    """Processor, cores and load, as far as the system tells."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":")[1].strip() if names else cpu
    load = os.getloadavg()[0]
    return f"{cpu}, {os.cpu_count()} cores, load {load:.1f} at the start"


def commit() -> str:
    words = ["git", "describe", "--always", "--dirty", "--abbrev=8"]
    done = subprocess.run(words, cwd=HERE, text=True, capture_output=True, check=True)
    return done.stdout.strip()


def run(name: str) -> str:
    """The section of one benchmark: where and when it ran, and what it printed."""
    where = f"{date.today()}, commit {commit()}, {machine()}"
    words = [sys.executable, str(HERE / f"{name}.py")]
    env = {**os.environ, "PYTHONPATH": str(HERE.parent / "src")}
    done = subprocess.run(
        words, cwd=HERE.parent, env=env, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"benchmarks/{name}.py failed:\n{done.stderr[-3000:]}")
    return f"{done.stdout.strip()}\n\n{where}; `python benchmarks/{name}.py`"


def insert(text: str, name: str, section: str) -> str:
    """The text with what stands between the benchmark's marks replaced."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = text.partition(start)
    _, found, after = rest.partition(end)
    assert found, f"benchmarks/README.md has no {start} ... {end}"
    return f"{before}{start}\n{section}\n{end}{after}"


def main() -> None:
    ready = [name for name in QUICK if all(key in os.environ for key in NEEDS.get(name, ()))]
    names = sys.argv[1:] or ready
    if unknown := set(names) - set(ALL):
        raise SystemExit(f"no benchmark {', '.join(sorted(unknown))}; there is {', '.join(ALL)}")
    for name in names:
        section = run(name)
        print(section, flush=True)
        README.write_text(insert(README.read_text(), name, section))


if __name__ == "__main__":
    main()
