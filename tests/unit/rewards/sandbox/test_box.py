"""What a box promises to whoever judges programs."""

import zlib

import pytest

from restem.rewards.sandbox.client import Box, Limits, Run

LIMITS = Limits(cpu_s=5.0, memory_mb=512)


def run(box: Box, source: str, stdin: bytes = b"", limits: Limits = LIMITS) -> Run:
    with box.program(source, limits) as program:
        assert program.compile_error is None
        return program.run(stdin)


def compile_error(box: Box, source: str, limits: Limits = LIMITS) -> str | None:
    with box.program(source, limits) as program:
        return program.compile_error


def test_a_program_runs_once_per_input(box: Box) -> None:
    with box.program("a, b = map(int, input().split()); print(a + b)", LIMITS) as program:
        runs = [program.run(stdin) for stdin in (b"3 4", b"10 20", b"-1 1")]
    assert [r.stdout for r in runs] == [b"7\n", b"30\n", b"0\n"]
    assert {(r.exit_code, r.limit, r.stderr) for r in runs} == {(0, "", "")}
    assert all(0 < r.cpu_s < 1 and 0 < r.wall_s < 10 for r in runs)


def test_runs_share_no_variable(box: Box) -> None:
    source = "import math\nprint(hasattr(math, 'seen'))\nmath.seen = 1"
    with box.program(source, LIMITS) as program:
        assert [program.run(b"").stdout for _ in range(3)] == [b"False\n"] * 3


def test_programs_share_no_file(writable_box: Box) -> None:
    source = "import os\nprint(sorted(os.listdir('.')))\nopen('a', 'w').close(); os.mkdir('b')"
    with writable_box.program(source, LIMITS) as program:
        assert [program.run(b"").stdout for _ in range(2)] == [b"[]\n"] * 2
    assert run(writable_box, source).stdout == b"[]\n"


def test_runs_share_no_file(writable_box: Box) -> None:
    """A program that makes a table in a file makes it on each test."""
    table = "import os, sqlite3\nsqlite3.connect('t.db').execute('create table t (a)')\n"
    locked = "os.mkdir('a')\nopen('a/f', 'w').close()\nos.chmod('a', 0)\n"
    with writable_box.program(table + locked, LIMITS) as program:
        ended = [program.run(b"") for _ in range(3)]
    assert [one.stderr for one in ended] == ["", "", ""]


def test_a_locked_folder_is_emptied_all_the_same(writable_box: Box) -> None:
    source = (
        "import os\nfor _ in range(200):\n    os.mkdir('d'); os.chdir('d')\n"
        "open('f', 'w').close()\nos.symlink('/', 'link')\nos.mkfifo('fifo')\n"
        "os.chmod('.', 0); os.chmod('/box/d', 0); print('locked', flush=True); os.chmod('/box', 0)"
    )
    assert run(writable_box, source).stdout == b"locked\n"
    assert run(writable_box, "import os\nprint(os.listdir('.'))").stdout == b"[]\n"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("x = (", "SyntaxError: '(' was never closed (line 1)"),
        ("x = 1\ny = 2\nz =", "SyntaxError: invalid syntax (line 3)"),
        ("if True:\nx", "IndentationError: expected an indented block after 'if'"),
        ("return 1", "SyntaxError: 'return' outside function (line 1)"),
        ("x = 1\0", "SyntaxError: source code string cannot contain null bytes"),
        ("print('\ud800')", "UnicodeEncodeError: "),
        ("x = " + "(" * 300 + ")" * 300, "SyntaxError: too many nested parentheses (line 1)"),
        ("\n".join("\t" * n + "if x:" for n in range(150)), "IndentationError: too many levels"),
        ("x = " + "-" * 100_000 + "1", "MemoryError"),
    ],
)
def test_what_does_not_compile_says_why(box: Box, source: str, error: str) -> None:
    found = compile_error(box, source)
    assert found is not None
    assert found.startswith(error)


def test_what_did_not_compile_cannot_run(box: Box) -> None:
    with box.program("x = (", LIMITS) as program, pytest.raises(ValueError, match="never closed"):
        program.run(b"")
    assert run(box, "print(1)").stdout == b"1\n"


def test_a_compile_bomb_is_stopped(box: Box) -> None:
    source = "def f():\n" + "    x = [a for b in c for d in e if f] + y\n" * 200_000
    error = compile_error(box, source, Limits(0.5, 4096))
    assert error == "compiling took more than 0.5 CPU s or 3.5 s by the clock"
    assert compile_error(box, source, Limits(5.0, 64)) == "MemoryError"
    assert run(box, "print(1)").stdout == b"1\n"


def test_ten_megabytes_of_source_are_no_fault(box: Box) -> None:
    limits = Limits(cpu_s=2.0, memory_mb=128)
    assert compile_error(box, "\0" * 10_000_000, limits) is not None
    assert compile_error(box, "x = 1\n" * 1_700_000, limits) is not None
    assert run(box, "x = '" + "y" * 10_000_000 + "'\nprint(len(x))").stdout == b"10000000\n"


def test_large_input_arrives(box: Box) -> None:
    stdin = b"0123456789" * 1_000_000
    source = "import sys, zlib\nprint(zlib.crc32(sys.stdin.buffer.read()))"
    assert run(box, source, stdin).stdout == b"%d\n" % zlib.crc32(stdin)


def test_stderr_keeps_its_end(box: Box) -> None:
    ended = run(box, "import sys\nsys.stderr.write('x' * 100000 + 'é')\n1 / 0")
    assert len(ended.stderr) == 2000
    assert ended.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert "é" in ended.stderr


def test_a_traceback_shows_the_program_only(box: Box) -> None:
    ended = run(box, "def f():\n    return [][0]\nf()")
    assert ended.stderr.splitlines() == [
        "Traceback (most recent call last):",
        '  File "main.py", line 3, in <module>',
        '  File "main.py", line 2, in f',
        "IndexError: list index out of range",
    ]


def test_a_box_outlives_an_error_of_the_judge(box: Box) -> None:
    with pytest.raises(KeyError), box.program("print(1)", LIMITS):
        raise KeyError
    with pytest.raises(ValueError, match="invalid literal"):  # noqa: SIM117
        with box.program("print('x')", LIMITS) as program:
            int(program.run(b"").stdout)
    assert run(box, "print(2)").stdout == b"2\n"


def test_a_closed_box_opens_again(own_box: Box) -> None:
    assert run(own_box, "print(1)").stdout == b"1\n"
    own_box.close()
    own_box.close()
    assert run(own_box, "print(2)").stdout == b"2\n"


def test_the_same_program_gives_the_same_output_every_time(own_box: Box) -> None:
    source = "import random\nprint(random.random(), set('abcdefghij'), hash('a'), hash(('a', 1)))"
    outputs = {run(own_box, source).stdout for _ in range(3)}
    own_box.close()
    assert outputs == {run(own_box, source).stdout}


def test_numpy_works_where_it_is_installed(box: Box) -> None:
    pytest.importorskip("numpy")
    source = "import numpy as np\nprint((np.ones((300, 300)) @ np.ones((300, 300))).sum())"
    ended = run(box, source)
    assert (ended.stdout, ended.stderr) == (b"27000000.0\n", "")
    assert ended.cpu_s < 0.5  # it was loaded before the program began
