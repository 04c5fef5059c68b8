"""One box, ten thousand programs: nothing grows."""

import os
import time
from pathlib import Path

import pytest

from restem.rewards.sandbox.client import Box, Limits

LIMITS = Limits(cpu_s=2.0, memory_mb=256)
PROGRAMS = [
    ("a, b = map(int, input().split()); print(a + b)", b"3 4", b"7\n"),
    ("open('f', 'w').write('x' * 100000)\nprint(open('f').read()[:2])", b"", b"xx\n"),
    ("import threading\nt = threading.Thread(target=print, args=(5,))\nt.start()", b"", b"5\n"),
    ("print('x' * 500000)", b"", b"x" * 500000 + b"\n"),
    ("x = bytearray(1 << 30)", b"", b""),
    ("import sys\nsys.exit(3)", b"", b""),
]


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found, new = [], [pid]
    while new:
        found += new
        new = [
            int(child)
            for parent in new
            for children in Path(f"/proc/{parent}/task").glob("*/children")
            for child in children.read_text().split()
        ]
    return found


def state(box: Box) -> dict[str, int]:
    """Processes, their descriptors, mounts and memory; this process's descriptors."""
    (connection,) = box._connections.values()
    pids = family(connection.pid())
    inner = pids[-1]
    return {
        "processes": len(pids),
        "descriptors": sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
        "mounts": len(Path(f"/proc/{inner}/mountinfo").read_text().splitlines()),
        "own descriptors": len(os.listdir("/proc/self/fd")),
        "all mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "rss_kb": sum(
            int(line.split()[1])
            for pid in pids
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("VmRSS")
        ),
    }


def settled(box: Box) -> dict[str, int]:
    """The state once the last program's process is gone."""
    (connection,) = box._connections.values()
    deadline = time.monotonic() + 120
    while len(family(connection.pid())) > 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    return state(box)


@pytest.mark.slow
@pytest.mark.parametrize("count", [10_000])
def test_ten_thousand_programs_leave_nothing(namespaces_box: Box, count: int) -> None:
    box = Box(namespaces_box.tier)
    before: dict[str, int] = {}
    for number in range(count):
        source, stdin, expected = PROGRAMS[number % len(PROGRAMS)]
        with box.program(source, LIMITS) as program:
            assert program.run(stdin).stdout == expected
            if number % 3 == 0:
                assert program.run(stdin).stdout == expected
        if number == 100:
            before = settled(box)
    after = settled(box)
    box.close()
    assert after.pop("rss_kb") - before.pop("rss_kb") < 2000
    assert after == before
