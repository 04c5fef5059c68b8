"""Whatever a program does to the machine, its neighbours in the batch are judged right."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing

import pytest

from restem.core.records import CORRECT, RUNTIME_ERROR, TIME_LIMIT, WRONG, Problem
from restem.rewards.code import CodeReward
from restem.rewards.sandbox.client import Box, Limits

pytestmark = pytest.mark.slow  # sleeps, and fills memory

LIMITS = Limits(cpu_s=0.5, memory_mb=256)
TESTS = {"inputs": [f"{n}\n" for n in range(12)], "outputs": [f"{n + 1}\n" for n in range(12)]}
ANSWER = "print(int(input()) + 1)\n"
ATTACKS = {
    "sleeps on each test": ("import time\ntime.sleep(2)\n" + ANSWER, TIME_LIMIT),
    "works on each test": (
        "import time\nwhile time.process_time() < 0.4: pass\n" + ANSWER,
        TIME_LIMIT,
    ),
    "never ends": ("while True: pass", TIME_LIMIT),
    "takes all memory": ("x = []\nwhile True: x.append(bytearray(1 << 22))", RUNTIME_ERROR),
    "ends itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", RUNTIME_ERROR),
    "sets attributes": (
        "import os\nfor n in range(4000): os.setxattr(1, f'user.{n}', bytes(65000))\n" + ANSWER,
        RUNTIME_ERROR,
    ),
    "locks a library": (
        "import fcntl, os\nfcntl.flock(open(os.__file__), fcntl.LOCK_EX)\n" + ANSWER,
        RUNTIME_ERROR,
    ),
    "starts threads without end": (
        "import threading, time\nwhile True:\n"
        "    threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
        RUNTIME_ERROR,
    ),
}
HONEST = {
    "adds": (ANSWER, CORRECT),
    "adds in a thread": (
        "import threading\ndef add(): print(int(input()) + 1)\n"
        "threads = [threading.Thread(target=add)]\n"
        "threads += [threading.Thread(target=len, args=('',)) for _ in range(20)]\n"
        "for t in threads: t.start()\nfor t in threads: t.join()",
        CORRECT,
    ),
    "uses a hundred megabytes": ("x = bytearray(100 << 20)\n" + ANSWER, CORRECT),
    "forgets to add": ("print(int(input()))", WRONG),
}


def test_an_attack_changes_no_verdict_but_its_own(box: Box) -> None:
    programs: list[tuple[str, str, str]] = []
    for name, (source, outcome) in ATTACKS.items():
        programs.append((name, f"# {name}\n{source}", outcome))
        programs += [
            (f"{honest}, beside one that {name}", f"# {name}\n{text}", right)
            for honest, (text, right) in HONEST.items()
        ]
    problem = Problem("p", "t", "test", "", 0, "", "", (), json.dumps({"tests": TESTS}), None)
    texts = [f"```python\n{source}\n```\n" for _, source, _ in programs]
    with ExitStack() as stack:
        boxes = [box, stack.enter_context(closing(Box(box.tier)))]
        verdicts = CodeReward(boxes, LIMITS).score([problem] * len(texts), texts)
    found = {
        name: verdict.outcome for (name, _, _), verdict in zip(programs, verdicts, strict=True)
    }
    assert found == {name: outcome for name, _, outcome in programs}
