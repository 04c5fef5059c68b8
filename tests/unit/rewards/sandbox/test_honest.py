"""Odd but honest programs: what they print and how they end is what `python main.py` gives."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from restem.rewards.sandbox.client import Box, Limits

pytestmark = pytest.mark.slow  # over a hundred programs

LIMITS = Limits(cpu_s=10.0, memory_mb=512)


def _read_programs() -> dict[str, tuple[str, bytes]]:
    """Name to source and stdin. A program begins with `==== NAME`, or `==== NAME <<< STDIN`."""
    text = Path(__file__).with_name("odd_programs.txt").read_text("utf-8")
    programs = {}
    for entry in text.split("==== ")[1:]:
        title, _, source = entry.partition("\n")
        name, _, stdin = title.partition(" <<< ")
        programs[name] = (source.strip("\n"), ast.literal_eval(stdin or "b''"))
    return programs


# name: (source, stdin)
PROGRAMS = _read_programs() | {
    "byte order mark": ("\ufeffprint('marked')", b""),
    "windows line ends": ("if True:\r\n    print('a')\r\nprint('''b\r\nc''')\r\n", b""),
    "empty program": ("", b""),
    "form feed": ("x = 1\n\x0cprint(x)", b""),
}
NEEDS_FILES = {
    "files of its own",
    "temporary files",
    "imports a module it wrote",
    "database and copies",
}
STACK_KB = 64 << 10


def _python(source: str, stdin: bytes, folder: Path) -> tuple[int, bytes, str]:
    """Exit code, stdout and last line of stderr of the real interpreter, all three files."""
    main, given, out, errors = (folder / name for name in ("main.py", "in", "out", "errors"))
    main.write_text(source, encoding="utf-8", newline="")
    given.write_bytes(stdin)
    with given.open("rb") as read, out.open("wb") as write, errors.open("wb") as complain:
        done = subprocess.run(
            ["/bin/sh", "-c", f'ulimit -S -s {STACK_KB}; exec "$0" -s -B main.py', sys.executable],
            stdin=read,
            stdout=write,
            stderr=complain,
            cwd=folder,
            env={
                "LANG": "C.UTF-8",
                "PYTHONHASHSEED": "0",
                "PYTHONINTMAXSTRDIGITS": "0",
                "TMPDIR": str(folder),
            },
            timeout=600,
            check=False,
        )
    return done.returncode, out.read_bytes(), _last_line(errors.read_text("utf-8", "replace"))


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


@pytest.mark.parametrize("name", PROGRAMS)
def test_behaves_as_under_the_interpreter(name: str, box: Box, tmp_path: Path) -> None:
    source, stdin = PROGRAMS[name]
    if box.tier == "landlock" and name in NEEDS_FILES:
        pytest.skip("this tier has no writable folder")
    with box.program(source, LIMITS) as program:
        assert program.compile_error is None
        first, second = program.run(stdin), program.run(stdin)
    expected = _python(source, stdin, tmp_path)
    for run in (first, second):
        assert run.limit == ""
        assert (run.exit_code, run.stdout) == expected[:2]
        assert _last_line(run.stderr) == expected[2] or run.exit_code != 1
