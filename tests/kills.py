"""Kill smoke runs at random until they are done, and compare every byte. For a person to run.

    python tests/kills.py --kills 100 --seed 1

Each round starts `make run` in a copy of a fresh repository, kills one of its processes or all of
them with SIGKILL after a random time, and types `make run` again, and nothing else, until it ends
well. Data, models, metrics and dvc.lock must then be those of a run that nobody disturbed. Takes
half a minute per kill; exit code 1 if a byte differs or a run cannot be brought to its end.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
from pipeline import ROOT, Repo, environment, fresh

from restem.commands.remains import stages_of

RESULTS = ("data/plan/*", "data/problems/*", "data/audit/*", "data/iterations/*/*", "data/code/*",
           "models/*/*", "metrics/*", "metrics/iterations/*", "metrics/training/*",
           "metrics/curves/*", "dvc.lock")  # fmt: skip
MAKE = ("make", "-s", "-o", ".venv/.done", "run")  # the environment is there: nothing to install
AIMED = 0.2
"""Part of the kills that wait until DVC writes a file in place."""
UNKILLED = 60
"""A run that fails so often in a row without being killed will never end. It fails as long as a
dvc of an earlier run lives on, because only `make` or a shell was killed."""


@dataclass
class Tally:
    """What happened."""

    kills: int = 0
    victims: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def say(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {line}\n")
    sys.stdout.flush()


def run(repo: Repo, log: Path, kills: Iterator[float], rng: random.Random, tally: Tally) -> int:
    """`make run` once, and a kill after each of `kills` seconds while it lives: its exit code."""
    with log.open("ab") as out:
        process = subprocess.Popen(MAKE, cwd=repo.path, env=environment(), stdout=out, stderr=out,
                                   start_new_session=True)  # fmt: skip
    for seconds in kills:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=seconds)
        target = rng.choice(["dvc.lock", ".dvc/tmp/rwlock"])
        aimed = rng.random() < AIMED and being_written(repo.path / target)
        if aimed == "dvc.lock":  # writing it takes a while: cut it anywhere
            time.sleep(rng.choice([0, rng.uniform(0, 0.5)]))
        family = [psutil.Process(process.pid), *living(repo.path)]
        tally.kills += 1
        if aimed or rng.random() < 0.5:
            victim = f"the whole group{aimed and f', which was writing {aimed}'}"
            os.killpg(process.pid, signal.SIGKILL)
            for one in family:  # those with a session of their own
                kill(one.pid)
        else:
            chosen = rng.choice(family)
            victim = name(chosen)
            kill(chosen.pid)
        tally.victims[victim] += 1
        say(f"kill {tally.kills} after {seconds:.0f} s: {victim}")
        time.sleep(rng.choice([0, 0, 3]))  # `make run` again at once, or later
    return process.wait()


def being_written(file: Path, patience_s: float = 30.0) -> str:
    """The name of the file once DVC begins to write it anew; "" if it does not for some time."""
    until, before = time.monotonic() + patience_s, 0
    while time.monotonic() < until:
        size = file.stat().st_size if file.exists() else 0
        if size == 0 < before:
            return file.name
        before = size
        time.sleep(0.0005)
    return ""


def living(path: Path) -> list[psutil.Process]:
    """Processes in the repository, also those of an earlier `make run` that was killed alone."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if path in (Path(process.cwd()), *Path(process.cwd()).parents):
                found.append(process)
    return found


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def name(process: psutil.Process) -> str:
    """A process in a few words."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return "gone already"
    known = ("restem", "dvc", "make", "multiprocessing")
    found = [w for w in known if any(w in Path(word).name or w in word for word in words)]
    tail = " ".join(words[words.index("restem") + 1 :]) if "restem" in words else ""
    return " ".join([found[0] if found else Path(words[0]).name if words else "?", tail]).strip()


def one_round(repo: Repo, tally: Tally, wanted: int, rng: random.Random, gap: float) -> None:
    """Kill and run again until the run is done."""
    log, unkilled = repo.path.parent / f"{repo.path.name}.log", 0

    def kills() -> Iterator[float]:
        while tally.kills < wanted:  # a run is refused at once while a dvc lives on
            yield rng.uniform(0.2, 8 if unkilled else gap)

    while unkilled < UNKILLED:
        before = tally.kills
        if run(repo, log, kills(), rng, tally) == 0:
            return
        unkilled = 0 if tally.kills > before else unkilled + 1
        time.sleep(rng.uniform(1, 8) if unkilled else 0)
    raise RuntimeError(f"{repo.path}: `make run` fails on and on, see {log}")


def compare(repo: Repo, expected: dict[str, bytes]) -> list[str]:
    """Names of files that differ."""
    found = repo.bytes(*RESULTS)
    return sorted(n for n in {*found, *expected} if found.get(n) != expected.get(n))


def duplicate(start: Repo, path: Path) -> Repo:
    shutil.copytree(start.path, path, symlinks=True)
    return Repo(path)


def after_base(straight: Repo, path: Path) -> Repo:
    """As if the undisturbed run had been killed when `base` had just ended: that is one long stage,
    and most rounds need not make it again."""
    repo = duplicate(straight, path)
    stages = stages_of((path / "dvc.lock").read_text())
    repo.run("git", "reset", "-q", "--hard")
    kept = (".venv", ".dvc", "data/plan", "data/problems", "models/0")
    repo.run("git", "clean", "-qfdx", *(word for name in kept for word in ("-e", f"/{name}")))
    ended = ("plan", "prepare", "base")
    text = "".join(stages[name] for name in ended)
    (path / "dvc.lock").write_text(f"schema: '2.0'\nstages:\n{text}")
    shutil.rmtree(path / ".dvc/tmp/restem")
    for run in (path / ".dvc/cache/runs").glob("*/*/*"):
        if not any(f"restem {name}\n" in run.read_text() for name in ended):
            shutil.rmtree(run.parent)
    repo.dvc("gc", "-w", "-f")
    return repo


def note_repairs(log: Path, tally: Tally) -> None:
    """Lines that `restem repair` wrote."""
    for line in log.read_text(errors="replace").splitlines():
        for sign in ("dvc.lock was cut", "dvc.lock is empty", "rwlock was cut", "rwlock names",
                     "index.lock was left", "mlflow.db was cut", "unfinished files",
                     "is at work"):  # fmt: skip
            if sign in line:
                tally.mended[sign] += 1


def undisturbed(folder: Path, rng: random.Random) -> Path:
    """A new repository after one `make run`; `start` beside it is as it was before."""
    start = fresh(folder / "start", "preset=smoke")
    (start.path / ".venv").symlink_to((ROOT / ".venv").resolve())
    repo = duplicate(start, folder / "straight")
    say(f"undisturbed run in {repo.path}")
    if run(repo, folder / "straight.log", iter(()), rng, Tally()) != 0:
        raise SystemExit(f"the undisturbed run fails, see {folder}/straight.log")
    return repo.path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gap", type=float, default=40.0, help="most seconds before a kill")
    parser.add_argument("--straight", type=Path, help="an undisturbed run that is there already")
    parser.add_argument("--folder", type=Path, help="keep the repositories here")
    arguments = parser.parse_args()
    rng, tally = random.Random(arguments.seed), Tally()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="kills-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    straight = Repo(arguments.straight or undisturbed(folder, rng))
    expected = straight.bytes(*RESULTS)
    say(f"{len(expected)} files to compare")
    begun, number = after_base(straight, folder / "begun"), 0
    while tally.kills < arguments.kills:
        number += 1
        start = Repo(straight.path.with_name("start"))
        repo = duplicate(begun if number % 4 else start, folder / f"round-{number}")
        try:
            one_round(repo, tally, arguments.kills, rng, arguments.gap)
        except RuntimeError as error:
            tally.failures.append(str(error))
        else:
            if differ := compare(repo, expected):
                tally.failures.append(f"{repo.path}: differs in {', '.join(differ[:8])}")
        note_repairs(folder / f"round-{number}.log", tally)
        say(f"round {number}: {tally.kills} kills; {len(tally.failures)} failures; "
            f"mended {dict(tally.mended)}")  # fmt: skip
        if not tally.failures:
            shutil.rmtree(repo.path)
    say(f"{tally.kills} kills in {number} runs")
    for title, counter in (("killed", tally.victims), ("mended", tally.mended)):
        for what, count in counter.most_common():
            say(f"  {title}: {what}: {count}")
    for failure in tally.failures:
        say(f"  FAILED {failure}")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
