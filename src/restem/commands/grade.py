"""Verdicts on rows of your own: math answers, programs, or both; from a file, or over HTTP.

input, one JSON object a line
  {"id": 1, "text": "... so \\\\boxed{5/6}.", "gold": "5/6"}
  {"id": 2, "text": "print(input())", "tests": {"inputs": ["a\\n"], "outputs": ["a\\n"]}}
  tests: {"inputs", "outputs", "fn_name"?} as in APPS, {"prompt", "entry_point", "test",
  "canonical_solution"?} as in HumanEval (text is the completion), or {"setup", "asserts"} (MBPP)
  Tests may hold "cpu_s", the CPU seconds one test may take: 0.1 or more, score.cpu_s at most.
  One of gold and tests may be null. Other keys of a row are ignored.

output, one line per row, in the same order
  {"id": 1, "reward": 1.0, "outcome": "correct", "answer": "5/6", "detail": "boxed", "grader": ...}
  A row that cannot be read has the outcome error, a detail that begins with "row: line 7: " (or
  "row: item 7: " in a request), and grader null. Where even its id cannot be read, id is null and
  "line" is that number. The other rows are judged all the same; a warning names the first.
  Tests that make no sense are an error, too, with a detail that begins with "tests: ".

examples
  python -m restem grade solutions.jsonl --out verdicts.jsonl
  python -m restem grade solutions.jsonl --out - | jq .outcome
  python -m restem grade --serve
  curl -H 'Content-Type: application/json' -d '{"rows": [{"id": 1, "text": "5", "gold": "5"}]}' \\
    http://127.0.0.1:8765/grade

The exit code is 1 when a row has the outcome error; all verdicts are written before.
Limits, sandbox and workers are those of params.yaml, sections score and machine; outside a
checkout, the defaults. The server answers {"verdicts": [...]}, and GET /health; on this machine
alone.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from restem.commands import grade_limits
from restem.commands.grade_judges import Judges
from restem.commands.grade_rows import CODE, MATH, Row, Unread, line, not_read, read
from restem.core import disk
from restem.core.errors import DataError, ParamsError
from restem.core.progress import Progress
from restem.core.records import ERROR, OUTCOMES, Verdict

log = logging.getLogger(__name__)
ROWS_PER_PART = 2048
CHARS_PER_PART = 1 << 25  # so that long solutions come in smaller parts
STDOUT = "-"
HOST, PORT = "127.0.0.1", 8765


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.jsonl", type=Path, nargs="?", help="what to judge")
    parser.add_argument(
        "--out", help="where the verdicts go; an old file is replaced, - prints them"
    )
    parser.add_argument("--serve", action="store_true", help="judge what comes over HTTP instead")
    parser.add_argument(
        "--port", type=int, help=f"of --serve; default {PORT}, 0 takes a free one and says which"
    )
    parser.add_argument("--host", help=f"of --serve; a loopback address, default {HOST}")


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Lines to show. Raises: DataError, ParamsError, SandboxError."""
    if arguments.serve:
        if arguments.file or arguments.out:
            raise ParamsError("--serve judges what comes over HTTP: leave FILE and --out away.")
        from restem.commands import grade_server

        port = PORT if arguments.port is None else arguments.port
        grade_server.serve(arguments.host or HOST, port, grade_limits.load())
        return
    if arguments.port is not None or arguments.host is not None:
        raise ParamsError("--port and --host belong to --serve.")
    if not arguments.file or not arguments.out:
        raise ParamsError("needs FILE.jsonl and --out, or --serve. `grade --help` shows examples.")
    yield from _grade_file(arguments.file, arguments.out)


def _grade_file(path: Path, out_name: str) -> Iterator[str]:
    started = time.monotonic()
    limits = grade_limits.load()
    out, to_stdout = Path(out_name), out_name == STDOUT
    if not to_stdout:
        _check_out(out, path)
    count, has_programs = _survey(path)
    tally = _Tally()
    with ExitStack() as stack:
        judges = stack.enter_context(Judges(limits))
        if has_programs:
            judges.grader(CODE)  # where no sandbox works, say so before the work
        bar = stack.enter_context(Progress("grade", count, "rows"))
        file = None if to_stdout else stack.enter_context(_whole_file(out))
        for row, verdict, grader in _judged(path, judges):
            tally.add(row, verdict, grader)
            told = line(row, verdict, grader)
            if file is None:
                yield told
            else:
                file.write(f"{told}\n")
            bar.advance(1, f"correct {tally.outcomes['correct'] / tally.outcomes.total():.1%}")
    summary = tally.summary(time.monotonic() - started)
    if to_stdout:
        log.info(summary)
    else:
        yield f"{summary} -> {out}"
    tally.check(path)


class _Tally:
    """What came out so far."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self._graders: dict[str, None] = {}
        self._first = ""
        self._num_unread = 0

    def add(self, row: Row | Unread, verdict: Verdict, grader: str | None) -> None:
        self.outcomes[verdict.outcome] += 1
        if grader is not None:
            self._graders[grader] = None
        if verdict.outcome == ERROR:
            unread = isinstance(row, Unread)
            self._num_unread += unread
            why = (
                row.why
                if isinstance(row, Unread)
                else f"{row.problem.problem_id}: {verdict.detail}"
            )
            self._first = self._first or why

    def check(self, path: Path) -> None:
        """Raises: DataError if a row could not be judged; it names the first."""
        if count := self.outcomes[ERROR]:
            hint = " `grade --help` shows what a row holds." if self._num_unread else ""
            raise DataError(
                f"{path}: {count:,} of {self.outcomes.total():,} rows could not be judged "
                f"(outcome error); the first is {self._first}.{hint}"
            )

    def summary(self, seconds: float) -> str:
        counts = ", ".join(f"{n:,} {name}" for name in OUTCOMES if (n := self.outcomes[name]))
        graders = " and ".join(self._graders) or "nobody"
        return f"{self.outcomes.total():,} rows: {counts}; by {graders} in {seconds:.1f} s"


def _check_out(out: Path, path: Path) -> None:
    """Raises: ParamsError, before any work, for a place that cannot take the verdicts."""
    if out.exists() and not out.is_file():
        raise ParamsError(f"--out {out} is no regular file. Name a file, or - to print.")
    if out.exists() and path.exists() and out.samefile(path):
        raise ParamsError(f"--out names the file that is judged, {path}. Name another one.")


@contextmanager
def _whole_file(out: Path) -> Iterator[IO[str]]:
    """A file that is there when all is written, and not before. Raises: DataError, ParamsError."""
    file = _opened(out)
    partial = Path(file.name)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            partial.rename(out)
    except OSError as error:
        if not disk.full(error):
            raise
        raise disk.unwritable(out, error) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _opened(out: Path) -> IO[str]:
    """A new file beside `out`, locked as long as this process lives.

    Raises: ParamsError for a place that cannot be written to.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_behind(out)
        while True:
            partial = out.parent / f".{out.name}.{secrets.token_hex(4)}.partial"
            file = partial.open("x", encoding="ascii")
            with suppress(OSError):  # file systems without locks
                fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:  # else another process deleted it before the lock
                return file
            file.close()
    except OSError as error:
        raise ParamsError(
            f"cannot write to the folder of --out {out}: {error.strerror}. "
            "Name another place, or - to print."
        ) from error


def _remove_left_behind(out: Path) -> None:
    """Delete what killed processes left beside `out`: nobody holds the lock of such a file."""
    name = re.compile(rf"\.{re.escape(out.name)}\.[0-9a-f]+\.partial")
    for partial in out.parent.iterdir():
        if name.fullmatch(partial.name):
            with suppress(OSError), partial.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                partial.unlink()


# ---- judging

Judged = tuple[Row | Unread, Verdict, str | None]
"""A row, its verdict, and the grader; None where nobody judged it."""


def _judged(path: Path, judges: Judges) -> Iterator[Judged]:
    """Every row in order."""
    for part in _parts(path):
        verdicts: dict[str, Iterator[Verdict]] = {}
        for kind in (MATH, CODE):
            asked = [row for row in part if isinstance(row, Row) and row.kind == kind]
            verdicts[kind] = iter(judges.verdicts(kind, asked))
        for row in part:
            if isinstance(row, Unread):
                yield row, not_read(row), None
            else:
                yield row, next(verdicts[row.kind]), judges.grader(row.kind)


def _parts(path: Path) -> Iterator[Sequence[Row | Unread]]:
    """The rows in parts that fit into memory."""
    part: list[Row | Unread] = []
    size = 0
    for number, content in _lines(path):
        part.append(read(content, number, f"line {number}"))
        size += len(content)
        if len(part) == ROWS_PER_PART or size >= CHARS_PER_PART:
            yield part
            part, size = [], 0
    if part:
        yield part


# ---- reading


def _survey(path: Path) -> tuple[int, bool]:
    """How many rows there are, and whether one of them is a program with tests.

    Raises: DataError for a file that holds no rows at all.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder. Name a JSONL file.")
    if path == Path(STDOUT) or (path.exists() and not path.is_file()):
        raise DataError(f"{path} is no regular file; it is read twice, so save it first.")
    count, has_programs = 0, False
    for number, content in _lines(path):
        if number == 1 and (content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:2]):
            raise DataError(f"{path} is UTF-16, not UTF-8. `iconv -f UTF-16 -t UTF-8` converts it.")
        count += 1
        if not has_programs and b'"tests"' in content:
            row = read(content, number, f"line {number}")
            has_programs = isinstance(row, Row) and row.kind == CODE
    if not count:
        raise DataError(f"{path} is empty: one JSON object a line is wanted. `--help` shows some.")
    return count, has_programs


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Number and content of every line that is not blank. Raises: DataError."""
    try:
        with path.open("rb") as file:
            for number, content in enumerate(file, 1):
                if number == 1:
                    content = content.removeprefix(b"\xef\xbb\xbf")  # some editors leave a mark
                if content.strip():
                    yield number, content.rstrip(b"\r\n")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}. Name a JSONL file.") from error
