import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

WAITS = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from restem.core.orphans import end_with_parent

if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, get_context("spawn"), end_with_parent, (os.getpid(),))
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 600).result()
"""


def test_a_process_of_its_own_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text(WAITS)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "waits.py"], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    time.sleep(0.2)
    assert child.is_running()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert psutil.wait_procs([child], timeout=120)[1] == []


def test_a_process_whose_parent_is_gone_already_ends_at_once() -> None:
    code = "from restem.core.orphans import end_with_parent; end_with_parent(1); print('on')"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert (ran.returncode, ran.stdout) == (1, b"")
