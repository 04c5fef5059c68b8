"""The program itself: its `__main__`, its three streams, and an ending like the interpreter's.

`prepare` is the zygote's part. Between `begin` and `end` the program runs, called from the
outermost frame of the process, so that it finds the stack, the modules and the streams that
`python main.py` would give it.
"""

from __future__ import annotations

import atexit
import builtins
import gc
import io
import marshal
import os
import random
import signal
import sys
from contextlib import suppress
from functools import wraps
from types import CodeType, ModuleType
from typing import Any

_FLUSH_FAILED = 120
_main_globals: dict[str, object] = {"__builtins__": builtins, "__cached__": None}


def prepare() -> None:
    """What of `begin` the zygote can do for all programs: streams, arguments, search path.

    The streams are opened on files, as a program's are, and keep only the descriptors' numbers.
    """
    kept = [os.dup(fd) for fd in range(3)]
    for fd in range(3):
        file = os.memfd_create("")
        os.dup2(file, fd)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = _stream(0), _stream(1), _stream(2)
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, f"__{name}__", getattr(sys, name))
    for fd, original in enumerate(kept):
        os.dup2(original, fd)
        os.close(original)
    sys.argv = ["main.py"]
    sys.orig_argv = [sys.executable, "main.py"]
    sys.path.insert(0, os.getcwd())
    _main_globals["__file__"] = os.path.join(os.getcwd(), "main.py")
    sys.set_int_max_str_digits(0)  # as where the tests were made; limits of time are enough
    _open_devices()
    random.seed(0)  # the same program, the same verdict; hashes are seeded likewise


_DEVICES = {
    name: fd
    for fd, stream in enumerate(("stdin", "stdout", "stderr"))
    for name in (f"/dev/{stream}", f"/dev/fd/{fd}", f"/proc/self/fd/{fd}")
}


def _open_devices() -> None:
    """Let programs open their own streams by name, as `/dev/stdin` is: there is no /proc here,
    which those names lead to. Elsewhere, too, so that every tier gives the same."""
    opened, opened_low = io.open, os.open

    def stream(path: object) -> int | None:
        name = os.fspath(path) if isinstance(path, os.PathLike) else path
        return _DEVICES.get(os.fsdecode(name)) if isinstance(name, (str, bytes)) else None

    @wraps(opened)
    def open(file: Any, *args: Any, **kwargs: Any) -> Any:
        fd = stream(file)
        if fd is not None and len(args) < 7 and "opener" not in kwargs:
            kwargs["opener"] = lambda path, flags: os.dup(fd)
        return opened(file, *args, **kwargs)

    @wraps(opened_low)
    def open_low(path: Any, *args: Any, **kwargs: Any) -> int:
        fd = stream(path)
        return opened_low(path, *args, **kwargs) if fd is None else os.dup(fd)

    builtins.open = io.open = open
    os.open = open_low


def begin(code: CodeType | bytes) -> tuple[CodeType, dict[str, object]]:
    """The program, unmarshalled if it must be, and the globals of a new `__main__`."""
    main = ModuleType("__main__")
    main.__dict__.update(_main_globals, __annotations__={})
    sys.modules["__main__"] = main
    return code if isinstance(code, CodeType) else marshal.loads(code), main.__dict__


def _stream(fd: int) -> io.TextIOWrapper:
    """As the interpreter opens them under LANG=C.UTF-8 when they are files.

    Source: cpython 3.11 Python/pylifecycle.c, create_stdio.
    """
    raw = io.FileIO(fd, "r" if fd == 0 else "w", closefd=False)
    raw.name = ("<stdin>", "<stdout>", "<stderr>")[fd]
    buffer = io.BufferedReader(raw) if fd == 0 else io.BufferedWriter(raw)
    errors = "backslashreplace" if fd == 2 else "surrogateescape"
    text = io.TextIOWrapper(buffer, "utf-8", errors, newline="\n", line_buffering=fd == 2)
    text.mode = "r" if fd == 0 else "w"  # type: ignore[misc]
    return text


def end(problem: BaseException | None) -> None:
    """End the process as Py_RunMain does: report, join threads, atexit, flush, last destructors.

    What is left of the interpreter is not torn down, which would take longer than most programs.
    Never returns. Source: cpython 3.11 Modules/main.c and Py_FinalizeEx.
    """
    status, interrupted = 1, isinstance(problem, KeyboardInterrupt)
    try:
        status = 0 if problem is None else _report(problem)
        del problem
        with suppress(BaseException):
            sys.modules["threading"]._shutdown()
        with suppress(BaseException):
            atexit._run_exitfuncs()
        status = _flush() or status
        with suppress(BaseException):
            _delete_main()
        status = _flush() or status
        if interrupted:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        os._exit(status)


def _delete_main() -> None:
    """With it goes every global nobody else holds. The collection before it is not idle: it puts
    files before their buffers, and so has them flushed in that order."""
    if gc.isenabled():
        gc.collect()
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, name, getattr(sys, f"__{name}__", None))
    del sys.modules["__main__"]
    if gc.isenabled():
        gc.collect()


def _report(problem: BaseException) -> int:
    """Exit status for what the program raised; a traceback for anything but SystemExit."""
    if isinstance(problem, SystemExit):
        return _exit_status(problem.code)
    trace = problem.__traceback__
    problem.__traceback__ = trace.tb_next if trace else None
    with suppress(BaseException):
        sys.excepthook(type(problem), problem, problem.__traceback__)
    problem.__traceback__ = None
    return 1


def _exit_status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(1 << 63) <= code < 1 << 63 else 0xFF
    with suppress(BaseException):
        sys.stderr.write(f"{code}\n")
    return 1


def _flush() -> int:
    """Write out what the streams still hold; the interpreter's status where that fails."""
    status = 0
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name, None)
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except BaseException:  # noqa: BLE001 - the program's own object, which may raise anything
            status = _FLUSH_FAILED
    return status
