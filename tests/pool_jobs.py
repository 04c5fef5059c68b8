"""Work for the pool's tests, in a module that a fresh worker can import; and a program with a busy
pool.

`python pool_jobs.py` starts two workers on work without end, prints their process ids and waits.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from restem.rewards.pool import Pool


def nothing() -> None:
    """The start of a worker that needs none."""


def fail() -> None:
    """The start of a worker that cannot work."""
    sys.stderr.close()
    os._exit(3)


def work(item: tuple[str, str]) -> tuple[str, str]:
    """Do what the first text says."""
    order, value = item
    if order == "echo":
        return "correct", value
    if order == "spin":
        while True:
            pass
    if order == "stubborn":
        _spin_on()
    if order == "sleep":
        time.sleep(3600)
    if order == "nap":
        time.sleep(0.02)
    if order == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "eat":
        return "correct", str(len(bytearray(1 << 33)))
    return "correct", str(os.getpid())


def work_safely(item: tuple[str, str]) -> tuple[str, str]:
    """As `work`, with exceptions as outcomes."""
    try:
        return work(item)
    except Exception as error:  # noqa: BLE001
        return "error", type(error).__name__


def _spin_on() -> None:
    """Swallow every interruption, as a careless library does."""
    while True:
        try:
            while True:
                pass
        except BaseException:  # noqa: BLE001
            continue


def main() -> None:
    pool = Pool(2, 600.0, nothing, work)
    items = [("echo", str(number)) for number in range(32)]
    pool.map(items)
    threading.Thread(target=pool.map, args=([("spin", "")] * 32,), daemon=True).start()
    sys.stdout.write(" ".join(str(worker.process.pid) for worker in pool._workers) + "\n")
    sys.stdout.flush()
    time.sleep(3600)


if __name__ == "__main__":
    main()
