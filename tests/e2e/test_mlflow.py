"""MLflow has every iteration once, however it was run, and its UI compares two experiments."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from pipeline import Ran, Repo, copy

pytestmark = pytest.mark.slow


@contextmanager
def server(repo: Repo) -> Iterator[str]:
    """`mlflow ui` on a free port, as `make ui` starts it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = repo.start(
        "env", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false", "MLFLOW_DISABLE_TELEMETRY=true",
        "mlflow", "ui", "--workers", "1", "--port", str(port),
        "--backend-store-uri", f"sqlite:///{repo.path}/mlflow.db",
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/health", timeout=2)
                break
            except OSError:
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait(120)


def ask(url: str, call: str, **body: object) -> dict[str, object]:
    request = urllib.request.Request(
        f"{url}/api/2.0/mlflow/{call}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def test_each_iteration_is_there_once_and_two_experiments_compare(
    experiments: tuple[Repo, dict[str, Ran]], tmp_path: Path
) -> None:
    repo = copy(experiments[0], tmp_path / "repo")
    assert not repo.dvc("repro").stages
    repo.dvc("repro", "-fs", "track")
    with server(repo) as url:
        with urllib.request.urlopen(
            f"{url}/api/2.0/mlflow/experiments/get-by-name?experiment_name=restem", timeout=120
        ) as answer:
            experiment = json.load(answer)["experiment"]["experiment_id"]
        runs = ask(url, "runs/search", experiment_ids=[experiment], max_results=200)["runs"]
        parents = {}
        children: dict[str, list[str]] = {}
        for run in runs:
            tags = {t["key"]: t["value"] for t in run["data"]["tags"]}
            if "mlflow.parentRunId" in tags:
                children.setdefault(tags["mlflow.parentRunId"], []).append(run["info"]["run_name"])
            else:
                parents[run["info"]["run_id"]] = run
        assert len(parents) == 3, [p["info"]["run_name"] for p in parents.values()]
        for run_id, parent in parents.items():
            iters = int(next(p["value"] for p in parent["data"]["params"] if p["key"] == "iters"))
            assert len(children[run_id]) == iters + 2, "base, human, and every iteration once"
            history = ask_history(url, run_id)
            assert [m["step"] for m in history] == list(range(iters + 1))
        check_in_browser(url, experiment, list(parents))


def ask_history(url: str, run_id: str) -> list[dict[str, int]]:
    address = f"{url}/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key=test/pass_at_1"
    with urllib.request.urlopen(address, timeout=120) as answer:
        return sorted(json.load(answer)["metrics"], key=lambda m: m["step"])


def check_in_browser(url: str, experiment: str, run_ids: list[str]) -> None:
    """The comparison page shows both runs and what differs, in a real browser."""
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("the REST part passed; chromium is not installed for the browser part")
    runs, ids = quote(json.dumps(run_ids[:2])), quote(json.dumps([experiment]))
    page = f"{url}/#/compare-runs?runs={runs}&experiments={ids}"
    done = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-quic", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--virtual-time-budget=60000", "--dump-dom", page],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert "Comparing 2 Runs" in done.stdout, done.stdout[-2000:]
    assert "test/pass_at_1" in done.stdout
    assert "samples_per_problem" in done.stdout
