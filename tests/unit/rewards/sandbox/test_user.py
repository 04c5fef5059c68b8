"""The sandbox works for an ordinary user as well, whose own files are the ones to protect."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # many starts of sandboxes

NOBODY = 65534
SYSTEM_PYTHON = Path("/usr/bin/python3")
SCRIPT = '''
import json, sys
from restem.rewards.sandbox import canary
from restem.rewards.sandbox.client import Box, BoxFault, Limits
box, attempts = Box(sys.argv[1]), json.loads(sys.argv[2])
try:
    box.start()
except BoxFault as fault:
    print(json.dumps({"missing": str(fault)}))
    raise SystemExit
limits = Limits(5.0, 256)
capabilities = """
import ctypes, struct
data = ctypes.create_string_buffer(24)
assert ctypes.CDLL(None).capget(struct.pack("<Ii", 0x20080522, 0), data) == 0
print(struct.unpack("<6I", data.raw))
"""
said = {"problem": canary.check(box), "done": []}
with box.program("import os, csv\\nprint(os.getuid(), input())", limits) as program:
    said["out"] = [program.run(b"%d" % n).stdout.decode() for n in range(3)]
with box.program(capabilities, limits) as program:
    said["capabilities"] = program.run(b"").stdout.decode()
for attempt in attempts:
    with box.program("import os, sys\\n" + attempt, limits) as program:
        run = program.run(b"")
        if run.exit_code == 0 or "Error" not in run.stderr:
            said["done"].append(attempt)
with box.program("while True: pass", Limits(0.2, 256)) as program:
    said["loop"] = program.run(b"").limit
box.close()
print(json.dumps(said))
'''
ATTEMPTS = (
    "os.kill(1, 0)",
    "os.kill(os.getppid(), 0)",
    "os.setpriority(os.PRIO_USER, 0, 1)",
    "open('/x', 'w')",
    "open('/dev/x', 'w')",
    "os.mkdir('/usr/x')",
    "open(sys.path[-1] + '/x.py', 'w')",
    "os.chmod(sys.path[-1], 0)",
    "os.utime(sys.path[-1])",
    "os.setxattr(sys.path[-1], 'user.x', b'x')",
    "os.truncate(sys.path[-1] + '/kept.py', 0)",
    "os.unlink(sys.path[-1] + '/kept.py')",
)


@pytest.fixture(scope="module")
def python() -> Iterator[Path]:
    """An interpreter in a virtual environment of nobody's own, in /tmp."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; the other tests ran as one")
    folder = Path(tempfile.mkdtemp(prefix="restem-test-"))
    os.chown(folder, NOBODY, NOBODY)
    source = Path("src/restem/__init__.py").resolve()
    check = "import sys; open(sys.argv[1]).close(); sys.exit(sys.version_info < (3, 11))"
    try:
        as_nobody([SYSTEM_PYTHON, "-c", check, source])
        as_nobody([SYSTEM_PYTHON, "-m", "venv", "--without-pip", folder / "venv"])
        (packages,) = folder.glob("venv/lib/*/site-packages")
        as_nobody(["/bin/sh", "-c", f"echo 'x = 1' > {packages}/kept.py"])
        yield folder / "venv" / "bin" / "python"
        assert (packages / "kept.py").read_text() == "x = 1\n"
    except (OSError, subprocess.CalledProcessError) as problem:
        pytest.skip(f"no interpreter >= 3.11, or no source, that every user may read: {problem}")
    finally:
        shutil.rmtree(folder)


def as_nobody(command: list[Path | str], **environment: str) -> str:
    """What a command prints when an ordinary user runs it."""
    done = subprocess.run(
        [str(word) for word in command],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
        cwd="/",
        stdout=subprocess.PIPE,
        timeout=120,
        check=True,
    )
    return done.stdout.decode()


@pytest.mark.parametrize("tier", ["namespaces", "bubblewrap", "landlock"])
def test_an_ordinary_user_can_run_programs(tier: str, python: Path) -> None:
    command = [python, "-B", "-c", SCRIPT, tier, json.dumps(ATTEMPTS)]
    said = json.loads(as_nobody(command, PYTHONPATH=str(Path("src").resolve())))
    if "missing" in said:
        pytest.skip(f"{tier} cannot be set up here: {said['missing']}")
    assert said["problem"] == ""
    assert said["out"] == [f"{NOBODY} {n}\n" for n in range(3)]
    assert said["capabilities"] == f"{(0,) * 6}\n"
    assert said["done"] == []
    assert said["loop"] == "cpu"
