"""Everything that happens in the throw-away world: each program, then a look at every decoy.

    python session.py TIER DESCRIPTOR [ID ...]

TIER is a tier of the sandbox, or `unsafe` for the control: programs run without one and must be
caught doing what they do. Writes one JSON object per line to the descriptor: {"start": id} before
a program and {"id", "problems", ...} after it; {"grader": ...} first and {"end": ...} last.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from contextlib import ExitStack, closing

from hostile import generated, programs
from hostile.census import Census, processes
from hostile.decoys import Watch
from hostile.programs import Entry
from hostile.tasks import problem, solution_text

from restem.core.errors import SandboxError
from restem.core.protocols import Reward
from restem.core.records import FAULTS, Verdict
from restem.rewards import code
from restem.rewards.sandbox.client import Box, BoxFault, Limits, Run
from restem.rewards.sandbox.protocol import MAX_OUTPUT
from restem.rewards.sandbox.tiers import describe, open_boxes

MEMORY_MB = 256
SLACK_S = 1.5  # of wall and CPU time, on a busy machine
CANARY = "a, b = map(int, input().split())\nprint(a + b)\n"
TRUSTED_CPU_S = 1.0  # of the harness's own process per solution
FAST_S, SLOW_S = 0.3, 3.0


class Session:
    """One box, one watch, and the rewards that judge in that box."""

    def __init__(self, tier: str, results: int, stack: ExitStack) -> None:
        self._tier, self._results, self._stack = tier, results, stack
        self._watch = Watch()
        self._probes: dict[str, Entry] = {}
        self._rewards: dict[float, Reward] = {}
        self._before = len(processes())
        if tier == "unsafe":
            self._boxes = [stack.enter_context(closing(Box(tier)))]
        else:
            self._boxes = stack.enter_context(open_boxes(tier, False, 1))
        self._canary()  # starts whatever has not been started yet: a box may hold two zygotes
        self._canary("import numpy\n" + CANARY)
        self._watch.accept_folders()
        self._census = Census.take()
        self.write({"grader": describe(self._boxes), "tier": self._boxes[0].tier})

    def write(self, row: dict[str, object]) -> None:
        os.write(self._results, (json.dumps(row) + "\n").encode())

    def reward(self, cpu_s: float) -> Reward:
        """The code reward with the limit that fits: short where a program is to run into it."""
        limit = FAST_S if cpu_s < 1 else SLOW_S
        if limit not in self._rewards:
            self._rewards[limit] = code.CodeReward(self._boxes, Limits(limit, MEMORY_MB))
        return self._rewards[limit]

    def box(self) -> Box:
        return self._boxes[0]

    def run(self, entry: Entry) -> tuple[str | None, Run | None]:
        """Compile error or outcome of a program that runs alone, in a world of its own."""
        with self.box().program(entry.source, Limits(entry.cpu_s, MEMORY_MB)) as program:
            if program.compile_error is not None:
                return program.compile_error, None
            return None, program.run(entry.stdin)

    def attack(self, entry: Entry) -> dict[str, object]:
        """Run one program; what it must not have done, and a few facts."""
        self.write({"start": entry.program_id})
        start = time.monotonic()
        row: dict[str, object] = {}
        problems: list[str] = []
        try:
            if before := entry.keys.get("before"):
                problems += self._probe(before)
            row, found = self._judge(entry) if entry.task else self._alone(entry)
            problems += found
            if after := entry.keys.get("then"):
                problems += self._probe(after)
        except BoxFault as fault:
            problems.append(f"fault of the sandbox: {fault}")
        problems += self._canary() + self._census.growth() + self._watch.damage()
        seconds = round(time.monotonic() - start, 2)
        return {"id": entry.program_id, "problems": problems, "seconds": seconds, **row}

    def _alone(self, entry: Entry) -> tuple[dict[str, object], list[str]]:
        compile_error, run = self.run(entry)
        if run is None:
            problems = [] if entry.group == "compile" else [f"does not compile: {compile_error}"]
            return {"compile_error": str(compile_error)[:200]}, problems
        stdout = run.stdout.decode("utf-8", "backslashreplace")
        problems = self._watch.leaked(stdout, run.stderr)
        if entry.keys.get("weak") != self._tier:
            problems += [
                f"printed {line[:200]}" for line in stdout.splitlines() if "BREACH" in line
            ]
        problems += over_limits(entry, run)
        if entry.ends and not entry.ends & endings(run):
            problems.append(f"ended as {sorted(endings(run))}, not {sorted(entry.ends)}")
        facts: dict[str, object] = {
            "exit_code": run.exit_code, "limit": run.limit, "cpu_s": round(run.cpu_s, 3),
            "wall_s": round(run.wall_s, 3), "stdout": stdout[-300:], "stderr": run.stderr[-300:],
        }  # fmt: skip
        return facts, problems

    def _judge(self, entry: Entry) -> tuple[dict[str, object], list[str]]:
        text = solution_text(entry.task, entry.source)
        reward = self.reward(entry.cpu_s)
        start = time.process_time()
        verdict = reward.score([problem(entry.task)], [text])[0]
        spent_s = time.process_time() - start
        problems = misjudged(entry, verdict, self._tier)
        if spent_s > TRUSTED_CPU_S:
            problems.append(f"the judge itself spent {spent_s:.1f} CPU s")
        return vars_of(verdict), problems

    def _probe(self, name: str) -> list[str]:
        """Run a probe in the same box; what it saw of the program before it."""
        compile_error, run = self.run(self._probes[name])
        seen = run.stdout.decode("utf-8", "replace").strip() if run else str(compile_error)
        return [] if seen == "clean" else [f"{name}: {seen[:200]} {run.stderr if run else ''}"]

    def _canary(self, source: str = CANARY) -> list[str]:
        """An honest program must still get the right answer, in good time."""
        a, b = random.randrange(10**6), random.randrange(10**6)
        try:
            with self.box().program(source, Limits(2.0, MEMORY_MB)) as program:
                run = program.run(f"{a} {b}\n".encode())
        except BoxFault as fault:
            return [f"canary: {fault}"]
        right = run.stdout.split() == [str(a + b).encode()] and not run.exit_code and not run.limit
        return [] if right else [f"canary: {run}"]

    def left(self) -> list[str]:
        """What is still there when all boxes are closed."""
        time.sleep(0.5)
        self._watch.expect_no_box()
        found = self._watch.damage()
        if (extra := len(processes()) - self._before) > 0:
            found.append(f"{extra} processes are left")
        return found

    def everything(self, names: list[str]) -> None:
        """Every program of the suites, or those named."""
        entries = programs.load("attacks") + generated.load() + programs.load("honest")
        self._probes = {entry.program_id: entry for entry in entries if entry.group == "probes"}
        for entry in entries:
            if entry.program_id in names or (not names and entry.group != "probes"):
                self.write(self.attack(entry))


def endings(run: Run) -> set[str]:
    """How a run ended, in the words of the suites."""
    found = {run.limit} if run.limit else set()
    if run.exit_code < 0:
        found.add("signal")
    if run.exit_code > 0:
        found.add("exit")
    return found or {"ok"}


def over_limits(entry: Entry, run: Run) -> list[str]:
    """Limits a run has broken."""
    limits = Limits(entry.cpu_s, MEMORY_MB)
    found = []
    if run.wall_s > limits.wall_s + SLACK_S:
        found.append(f"took {run.wall_s:.1f} s of {limits.wall_s:.1f}")
    if run.cpu_s > limits.cpu_s + SLACK_S:
        found.append(f"used {run.cpu_s:.1f} CPU s of {limits.cpu_s:.1f}")
    if len(run.stdout) > MAX_OUTPUT:
        found.append(f"printed {len(run.stdout)} bytes")
    if len(run.stderr) > 8000:
        found.append(f"complained {len(run.stderr)} characters")
    return found


def misjudged(entry: Entry, verdict: Verdict, tier: str) -> list[str]:
    """What is wrong with a verdict: a hostile solution earns nothing, an honest one its due."""
    honest = entry.group == "honest"
    allowed = entry.outcomes or ({"correct"} if honest else set())
    if "files" in entry.keys and tier == "landlock":
        allowed = {"runtime_error"}  # this tier has no folder to write in
    found = []
    if (verdict.reward > 0) != ("correct" in allowed) or verdict.reward not in (0.0, 1.0):
        found.append(f"reward {verdict.reward}: {verdict.outcome}, {verdict.detail}")
    elif allowed and verdict.outcome not in allowed:
        found.append(f"{verdict.outcome} ({verdict.detail}), not {sorted(allowed)}")
    if verdict.outcome in FAULTS and verdict.outcome not in allowed:
        found.append(f"a fault: {verdict.outcome}, {verdict.detail}")
    return found


def vars_of(verdict: Verdict) -> dict[str, object]:
    return {"reward": verdict.reward, "outcome": verdict.outcome, "detail": verdict.detail}


def main(tier: str, descriptor: str, *names: str) -> None:
    results = int(descriptor)
    os.set_inheritable(results, False)
    start = time.monotonic()
    with ExitStack() as stack:
        try:
            session = Session(tier, results, stack)
        except SandboxError as error:
            os.write(results, (json.dumps({"refused": str(error)}) + "\n").encode())
            return
        session.everything(list(names))
    session.write({"end": round(time.monotonic() - start, 1), "left": session.left()})


if __name__ == "__main__":
    main(*sys.argv[1:])
