"""A started zygote and the two pipes to it. Nothing here waits longer than its deadline."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
import threading
import time

from restem.rewards.sandbox import launch, outside, world
from restem.rewards.sandbox.protocol import (
    BUBBLEWRAP,
    FAULT,
    NAMESPACES,
    READY,
    Answer,
    Ask,
    Settings,
    read_answer,
)

_START_S = 60.0


class BoxFault(Exception):
    """The sandbox failed, never the program; the next program gets a new zygote."""


class Connection:
    """Starts a zygote. Every method raises BoxFault only, and `end` nothing."""

    def __init__(self, tier: str, preload: tuple[str, ...]) -> None:
        """Raises: BoxFault with the zygote's reason if it cannot set up its tier."""
        self.busy = False
        """Whether an answer is due: the pipes are good for nothing else then."""
        self._process: subprocess.Popen[bytes] | None = None
        self._stage, self._errors = "", -1
        try:
            self._stage = tempfile.mkdtemp(prefix="restem-box-")
            os.chmod(self._stage, 0o755)
            self._errors = os.memfd_create("zygote stderr")
            self._start(tier, preload)
        except OSError as problem:
            self.end()
            raise BoxFault(str(problem)) from problem
        except BaseException:
            self.end()
            raise

    def _start(self, tier: str, preload: tuple[str, ...]) -> None:
        in_main = threading.current_thread() is threading.main_thread()
        shown = launch.visible()
        own_root = tier in (NAMESPACES, BUBBLEWRAP)
        proc = outside.open_proc()
        try:
            self._process = subprocess.Popen(
                launch.command(tier, shown, in_main),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=launch.environment(world.BOX if own_root else self._stage),
                cwd="/",
                bufsize=0,
                start_new_session=True,
                pass_fds=(proc,) if proc >= 0 else (),
            )
        finally:
            if proc >= 0:
                os.close(proc)
        for fd in self._pipes():
            os.set_blocking(fd, False)
        # The kernel would kill it with the thread that started it, not with the process.
        parent = os.getpid() if in_main and tier != BUBBLEWRAP else 0
        settings = Settings(tier, parent, self._stage, shown, preload, proc)
        deadline = time.monotonic() + _START_S
        self._write(launch.bundle() + settings.pack(), deadline)
        self._receive(READY, deadline)
        if own_root:
            os.rmdir(self._stage)

    def ask(self, ask: Ask, expected: str, within_s: float) -> Answer:
        """One request and its answer."""
        deadline = time.monotonic() + within_s
        self.busy = True
        self._write(ask.pack(), deadline)
        answer = self._receive(expected, deadline)
        self.busy = False
        return answer

    def tell(self, ask: Ask, within_s: float) -> None:
        """A request without an answer."""
        self._write(ask.pack(), time.monotonic() + within_s)

    def idle(self) -> bool:
        """Whether it lives and owes nothing: then its end of the pipe is silent."""
        poll = select.poll()
        poll.register(self._pipes()[1], select.POLLIN)
        return not self.busy and not poll.poll(0)

    def pid(self) -> int:
        """The process that was started."""
        assert self._process is not None
        return self._process.pid

    def end(self) -> None:
        """Kill it and wait for that; it holds nothing worth keeping."""
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._errors >= 0:
            os.close(self._errors)
            self._errors = -1
        shutil.rmtree(self._stage, ignore_errors=True)

    def _pipes(self) -> tuple[int, int]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        return process.stdin.fileno(), process.stdout.fileno()

    def _write(self, data: bytes, deadline: float) -> None:
        fd, rest = self._pipes()[0], memoryview(data)
        while rest:
            try:
                rest = rest[os.write(fd, rest) :]
            except BlockingIOError:
                _wait(fd, select.POLLOUT, deadline)
            except OSError as problem:
                raise BoxFault(self._last_words(f"the sandbox is gone: {problem}")) from problem

    def _receive(self, expected: str, deadline: float) -> Answer:
        fd = self._pipes()[1]

        def read(size: int) -> bytes:
            while True:
                try:
                    return os.read(fd, size)
                except BlockingIOError:
                    _wait(fd, select.POLLIN, deadline)

        try:
            answer = read_answer(read)
        except (EOFError, OSError, ValueError) as problem:
            raise BoxFault(self._last_words("the sandbox ended without an answer")) from problem
        if answer.kind != expected:
            said = answer.output.decode("utf-8", "replace") if answer.kind == FAULT else answer.kind
            raise BoxFault(f"the sandbox failed: {said}")
        return answer

    def _last_words(self, what: str) -> str:
        """With the last line the zygote printed: Python's own, or bwrap's, reason."""
        size = os.fstat(self._errors).st_size
        lines = (
            os.pread(self._errors, 4000, max(0, size - 4000)).decode("utf-8", "replace").split("\n")
        )
        said = [line.strip() for line in lines if line.strip()]
        return f"{what} ({said[-1][:300]})" if said else what


def _wait(fd: int, event: int, deadline: float) -> None:
    left = deadline - time.monotonic()
    poll = select.poll()
    poll.register(fd, event)
    if left <= 0 or not poll.poll(1000 * left):
        raise BoxFault("the sandbox did not answer in time")
