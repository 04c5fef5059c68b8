"""In a container with little memory the kernel ends programs, never the judge."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from restem.rewards.sandbox.protocol import BUBBLEWRAP, LANDLOCK, NAMESPACES

pytestmark = pytest.mark.slow  # fills memory

MB = 1 << 20
LIMIT, OF_JUDGE, OF_PROGRAM = 512 * MB, 300 * MB, 250
"""Of the container, of the judge alone, and of the program (MB): both do not fit."""
PLACES = (
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
    ("/sys/fs/cgroup", "memory.max", "memory.swap.max"),
)
SCRIPT = """
import json, os, sys
folder, tier, of_judge, of_program = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with open(folder + "/cgroup.procs", "w") as file:
    file.write(str(os.getpid()))
from restem.rewards.sandbox.client import Box, BoxFault, Limits
box, kept, said = Box(tier), bytearray(of_judge), []
sources = [
    "print('before')",
    f"x = bytearray({of_program} << 20)\\nprint('BREACH')",
    "x = []\\nwhile True: x.append(bytearray(1 << 20))",
    "import threading\\nt = threading.Thread(target=lambda: bytearray(%d << 20))\\n"
    "t.start(); t.join()" % of_program,
    "print('after')",
]
try:
    for source in sources:
        with box.program(source, Limits(5.0, 1024)) as program:
            run = program.run(b"")
            said.append([run.exit_code, run.limit, run.stdout.decode()])
except BoxFault as fault:
    said = {"missing" if not said else "fault": str(fault)}
box.close()
print(json.dumps(said))
"""


@pytest.fixture
def container() -> Iterator[Path]:
    """A memory cgroup of LIMIT bytes without swap."""
    for root, limit, swap in PLACES:
        try:
            group = Path(tempfile.mkdtemp(prefix="restem-test-", dir=root))
        except OSError:
            continue
        try:
            (group / limit).write_text(str(LIMIT))
            with suppress(OSError):
                (group / swap).write_text(str(LIMIT if "memsw" in swap else 0))
        except OSError:
            group.rmdir()
            continue
        yield group
        group.rmdir()
        return
    pytest.skip("no cgroup of memory can be made here")


@pytest.mark.parametrize(
    "tier",
    [
        NAMESPACES,
        pytest.param(BUBBLEWRAP, marks=pytest.mark.all_worlds),
        pytest.param(LANDLOCK, marks=pytest.mark.all_worlds),
    ],
)
def test_the_judge_survives_where_memory_is_short(tier: str, container: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(container), tier, str(OF_JUDGE), str(OF_PROGRAM)],
        env={**os.environ, "PYTHONPATH": str(Path("src").resolve())},
        stdout=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, "the judge was killed"
    said = json.loads(done.stdout)
    if "missing" in said:
        pytest.skip(f"{tier} cannot be set up here: {said['missing']}")
    killed = [-9, "", ""]
    assert said == [[0, "", "before\n"], killed, killed, killed, [0, "", "after\n"]]
