"""Engine `ray` and verdicts on a cluster: three emulated nodes, that come and go."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from settings import machine, score
from tiny_models import GREEDY, ONE, SAMPLE, SAMPLED, chunks, drawn, shards

from restem.core import cluster, plugins
from restem.core.cluster import Fleet, Spec, connected
from restem.core.errors import DataError, EngineError
from restem.core.protocols import Engine
from restem.core.records import Completion, Problem

pytestmark = pytest.mark.slow
ray = pytest.importorskip("ray", reason="`make engines` installs Ray")
RAY_HF = replace(SAMPLE, ray_engine="hf")
ANY = machine(workers=0)
RAY_NAMES = ("raylet", "gcs_server")
Drawn = dict[tuple[str, int], Completion]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """A head without cores and two nodes of one core; tests may add a third."""
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        found.add_node(num_cpus=1)
    try:
        yield found
    finally:
        started = [p for p in psutil.Process().children(recursive=True) if p.name() in RAY_NAMES]
        assert len(started) >= 3
        ray.shutdown()
        found.shutdown()
        _, alive = psutil.wait_procs(started, timeout=30)
        assert not alive


@pytest.fixture
def address(nodes: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    return str(nodes.address)


@pytest.fixture(scope="module")
def alone(folder: Path) -> Drawn:
    """What one process draws."""
    from restem.sampling import hf

    with hf.open_engine(folder, SAMPLE, ONE) as opened:
        return drawn(opened, chunks(60), SAMPLED)


@contextmanager
def opened(folder: Path) -> Iterator[Engine]:
    from restem.sampling.ray import open_engine

    with open_engine(folder, RAY_HF, ANY) as engine:
        yield engine


def test_the_completions_are_those_of_one_process(address: str, folder: Path, alone: Drawn) -> None:
    with opened(folder) as engine:
        assert drawn(engine, chunks(60), SAMPLED) == alone
        assert len(drawn(engine, shards(8, last=1), GREEDY)) == 8  # by the same actors
        assert engine.timing["load"] > 0
    assert not ray.is_initialized()


def test_nodes_die_and_join(nodes: Any, address: str, folder: Path, alone: Drawn) -> None:
    """Every shard comes once, with the same completions."""
    doomed = nodes.add_node(num_cpus=1)
    seen: list[str] = []
    found: Drawn = {}
    work = chunks(60)
    with opened(folder) as engine:
        for shard, completions in engine.generate(work, SAMPLED):
            seen.append(shard.name)
            for request, row in zip(shard.requests, completions, strict=True):
                for i, one in enumerate(row, request.first):
                    found[request.problem_id, i] = one
            if len(seen) == 6:
                nodes.remove_node(doomed, allow_graceful=False)
            if len(seen) == 12:
                nodes.add_node(num_cpus=1)
    assert found == alone
    assert len(seen) == len(set(seen)) == len(work)


def test_vllm_inside_is_the_same_as_well(address: str, folder: Path, sampled: Drawn) -> None:
    from restem.sampling.ray import open_engine

    with open_engine(folder, replace(SAMPLE, ray_engine="vllm"), machine(workers=1)) as engine:
        assert drawn(engine, chunks(), SAMPLED) == sampled


DRIVER = """
import sys
from pathlib import Path
from contextlib import contextmanager
from dataclasses import replace
from tiny_models import *
from restem.core.scratch import Scratch
from restem.sampling.drawing import Drawing
from restem.sampling.ray import open_engine
from restem.sampling.store import Store
folder, path = map(Path, sys.argv[1:])
opening = lambda: open_engine(folder, replace(SAMPLE, ray_engine="hf"), machine(workers=0))
with Drawing(Store(Scratch(path), {}), opening, SAMPLED) as drawing:
    for shard in drawing.draw("x", lambda: chunks(60)):
        print(shard.name, flush=True)
"""


def drive(folder: Path, store: Path, address: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), str(store)], text=True, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path, "RAY_ADDRESS": address},
    )  # fmt: skip


def test_a_killed_driver_goes_on(address: str, folder: Path, tmp_path: Path) -> None:
    straight = drive(folder, tmp_path / "a", address)
    names = straight.communicate(timeout=120)[0].split()
    killed = drive(folder, tmp_path / "b", address)
    assert killed.stdout is not None
    for _ in range(4):
        killed.stdout.readline()
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)
    before = {f.name: f.stat().st_mtime_ns for f in (tmp_path / "b").glob("[08]-s*")}
    assert 4 <= len(before) < len(names)
    drive(folder, tmp_path / "b", address).communicate(timeout=120)
    after = {f.name: f.stat().st_mtime_ns for f in (tmp_path / "b").glob("[08]-s*")}
    assert before.items() <= after.items(), "no shard is drawn twice"
    assert sorted(after) == sorted(names)
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


# ---- what goes wrong


@contextmanager
def working() -> Iterator[tuple[Any, dict[str, object]]]:
    """In an actor: numbers come back doubled; strings say what goes wrong."""

    def work(item: Any) -> Any:
        if item == "die":
            os._exit(1)
        if item == "once":
            marker = Path(os.environ["RESTEM_DATA"]) / "died"
            if not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return "survived"
        if item == "refuse":
            raise DataError("line 3: no number. Mend it.")
        if item == "bug":
            raise KeyError("x")
        return 2 * item

    yield work, {}


@contextmanager
def breaking() -> Iterator[tuple[Any, dict[str, object]]]:
    os._exit(1)
    yield None, {}


def run(items: list[Any], function: str = "working") -> list[tuple[Any, Any]]:
    spec = Spec("test_ray", function, ())
    with connected(ANY), Fleet(spec, ANY) as fleet:
        return list(fleet.map(items, lambda item: f"item {item!r}"))


@pytest.fixture
def importable(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Actors find this file, and a folder to leave marks in."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))
    monkeypatch.setenv("RESTEM_DATA", str(tmp_path))
    return tmp_path


def test_an_item_that_outlives_its_actor_is_done_by_another(importable: Path) -> None:
    found = run([1, 2, "once", *range(3, 30)])
    assert (importable / "died").exists()
    assert sorted((i, r) for i, r in found if i != "once") == [(i, 2 * i) for i in range(1, 30)]
    assert ("once", "survived") in found


def test_an_item_that_kills_actors_is_named(importable: Path) -> None:
    with pytest.raises(
        EngineError, match=r"3 actors died at item 'die'\. If memory ran out, lower"
    ):
        run([1, "die", 2])


def test_actors_that_do_not_start_are_given_up(importable: Path) -> None:
    with pytest.raises(EngineError, match="3 actors died at their start"):
        run([1], "breaking")


def test_an_error_of_ours_comes_out_as_itself(importable: Path) -> None:
    with pytest.raises(DataError) as caught:
        run([1, "refuse", 2])
    assert str(caught.value) == "line 3: no number. Mend it."


def test_a_bug_is_told_in_a_line(importable: Path) -> None:
    with pytest.raises(EngineError, match=r"^an actor failed: 'x'\.$"):
        run(["bug"])


def test_no_items_are_no_work(importable: Path) -> None:
    assert run([]) == []


def test_a_dead_address_is_named(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    start = time.monotonic()
    with pytest.raises(EngineError, match=rf"no Ray cluster answers at 127.0.0.1:{port}"):
        opened(folder).__enter__()
    assert time.monotonic() - start < 2 * cluster.CONNECT_S


def test_a_folder_that_only_the_driver_sees(address: str, tmp_path: Path) -> None:
    from restem.sampling import ray as engine

    with pytest.raises(EngineError, match=r"node .* does not see .*/gone\. The repository must"):
        engine.serving(tmp_path / "gone", RAY_HF, ONE).__enter__()


# ---- verdicts


def answers(count: int) -> tuple[list[Problem], list[str]]:
    golds = ["7", r"\frac{1}{2}", "x+1", "(1, 2)"]
    texts = [r"\boxed{7}", "no answer", r"\boxed{1+x}", r"\boxed{(2, 1)}", r"\boxed{0.5}"]
    pairs = [(golds[i % 4], texts[i * 7 % 5]) for i in range(count)]
    return [problem({"answer": gold}) for gold, _ in pairs], [text for _, text in pairs]


def programs(count: int) -> tuple[list[Problem], list[str]]:
    tests = {"inputs": ["1\n", "5\n"], "outputs": ["2\n", "6\n"]}
    texts = [
        "print(int(input()) + 1)",
        "print(2)",
        "print(",
        "while True: pass",
        "import os; os._exit(0)",
    ]
    return [problem({"tests": tests})] * count, [texts[i % 5] for i in range(count)]


def problem(gold: dict[str, object]) -> Problem:
    return Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps(gold), None)


@pytest.mark.parametrize(("name", "make"), [("math", answers), ("code", programs)])
def test_verdicts_are_those_of_one_process(address: str, name: str, make: Any) -> None:
    problems, texts = make(300 if name == "math" else 40)
    limits = score(cpu_s=1.0)
    with plugins.open_reward(name, limits, ONE) as reward:
        expected, grader = reward.score(problems, texts), reward.grader
    with plugins.open_reward(name, replace(limits, cluster="ray"), ANY) as spread:
        assert spread.grader == grader
        assert list(map(asdict, spread.score(problems, texts))) == list(map(asdict, expected))
        assert spread.group(["1/2", "0.5", None, "3"]) in ([0, 0, None, 1], [0, 1, None, 2])
    assert len({verdict.outcome for verdict in expected}) >= 3
