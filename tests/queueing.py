"""DVC's experiment queue, run to its end whatever happens to its workers.

Its broker is a folder of files that workers and commands read while others write them. A worker
that meets half a message ends early, leaving runs queued, or never hears that it should end (seen:
15 minutes after the last run). `dvc queue status` sends such messages, too. So look at the files
instead, start workers again as a user would, and leave no worker behind.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import psutil
from pipeline import Repo

STARTS = 5  # of the workers
STUCK = 60  # looks, one a second, at workers that take nothing from the queue
HOPELESS = 3600  # looks; only a run that hangs lasts that long


def run_queue(repo: Repo, jobs: int) -> str:
    """Run everything that is queued with `dvc queue start -j JOBS`; its last status."""
    try:
        for _ in range(STARTS):
            repo.run("dvc", "queue", "start", "-j", str(jobs), code=None)
            if _drained(repo):
                break
        return _status(repo)
    finally:
        repo.run("dvc", "queue", "stop", code=None)
        stop_workers(repo)


def stop_workers(repo: Repo) -> None:
    """Kill every process that works in this repository or in a copy inside it."""
    while found := working_in(repo.path):
        for process in found:
            process.kill()
        psutil.wait_procs(found, timeout=1)


def working_in(folder: Path) -> list[psutil.Process]:
    """Workers, runs and stages: processes whose current folder is in `folder`."""
    here, found = folder.resolve(), []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and Path(process.cwd()).is_relative_to(here):
                found.append(process)
        except psutil.Error:
            continue  # gone, a zombie, or another user's
    return found


def _drained(repo: Repo) -> bool:
    """Wait for the workers; whether all runs have ended. Workers that take no more are killed."""
    idle = 0
    for _ in range(HOPELESS):
        queued, running = _counts(repo.path / ".dvc/tmp/exps/celery")
        if not queued and not running:
            return True
        if not working_in(repo.path):
            return False
        idle = 0 if running else idle + 1
        if idle > STUCK:
            stop_workers(repo)
            return False
        time.sleep(1)
    raise AssertionError(f"{running} runs do not end: {_status(repo)}")


def _counts(celery: Path) -> tuple[int, int]:
    """Runs that no worker has taken, and those that one has taken but not ended."""
    ended = len(list(celery.glob("result/celery-task-meta-*")))
    taken = len(list(celery.glob("broker/processed/*.celery.msg")))
    queued = len(list(celery.glob("broker/in/*.celery.msg")))
    return queued, taken - ended


def _status(repo: Repo) -> str:
    """What `dvc queue status` says; it can meet half a message, too."""
    for _ in range(STARTS):
        status = repo.run("dvc", "queue", "status", code=None)
        if re.search(r"^Worker status: ", status, re.MULTILINE):
            break
    return status
