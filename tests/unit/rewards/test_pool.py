"""Workers that hang, die and eat memory cost their own item and nothing else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pool_jobs
import pytest

from restem.core.errors import SandboxError
from restem.rewards import pool as pools
from restem.rewards.pool import Pool, open_pool

JOBS = Path(pool_jobs.__file__)


def test_results_come_in_order_from_all_workers() -> None:
    items = [("echo", str(number)) for number in range(100)]
    with open_pool(2, 5.0, pool_jobs.nothing, pool_jobs.work) as pool:
        assert pool.map(items) == [("correct", value) for _, value in items]
        assert len({pid for _, pid in pool.map([("nap", "")] * 80)}) == 2


def test_no_worker_starts_without_an_item() -> None:
    pool = Pool(2, 5.0, pool_jobs.fail, pool_jobs.work)
    assert pool.map([]) == []
    assert pool._workers == []


def test_bad_items_cost_only_themselves() -> None:
    """spin: the worker interrupts itself; stubborn, sleep: it is killed; die: it is replaced."""
    orders = ["echo", "spin", "echo", "stubborn", "echo", "sleep", "echo", "die", "echo"]
    start = time.monotonic()
    with open_pool(1, 0.5, pool_jobs.nothing, pool_jobs.work) as pool:
        results = pool.map([(order, str(number)) for number, order in enumerate(orders)])
    assert time.monotonic() - start < 300
    for number, (order, result) in enumerate(zip(orders, results, strict=True)):
        if order == "echo":
            assert result == ("correct", str(number))
        elif order == "die":
            assert result == ("error", "worker died")
        else:
            assert result[0] == "timeout"
    assert results[5] == ("timeout", "0.5 s")


@pytest.mark.slow
@pytest.mark.alone  # needs 2 s of CPU within 5 s
def test_a_worker_survives_its_own_interruption() -> None:
    with open_pool(1, 5.0, pool_jobs.nothing, pool_jobs.work) as pool:
        [(_, before)] = pool.map([("who", "")])
        assert pool.map([("spin", "")]) == [("timeout", "2 CPU seconds")]
        assert pool.map([("who", "")]) == [("correct", before)]


def test_memory_is_capped() -> None:
    with open_pool(1, 5.0, pool_jobs.nothing, pool_jobs.work_safely) as pool:
        assert pool.map([("eat", ""), ("echo", "x")]) == [
            ("error", "MemoryError"),
            ("correct", "x"),
        ]


def test_workers_that_do_not_start_are_a_broken_sandbox(capfd: pytest.CaptureFixture[str]) -> None:
    with open_pool(1, 0.5, pool_jobs.fail, pool_jobs.work) as pool, pytest.raises(SandboxError):
        pool.map([("echo", "x")])


def test_closing_leaves_no_process() -> None:
    with open_pool(1, 5.0, pool_jobs.nothing, pool_jobs.work) as pool:
        [(_, pid)] = pool.map([("who", "")])
    assert not _is_alive(int(pid))


def test_workers_die_with_a_killed_parent() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(pools.__file__).parents[2])}
    parent = subprocess.Popen(
        [sys.executable, str(JOBS)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    with parent, parent.stdout:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(_is_alive, pids))
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 120
    while any(map(_is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_is_alive, pids))


def _is_alive(pid: int) -> bool:
    """A zombie that nobody has collected yet is dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
