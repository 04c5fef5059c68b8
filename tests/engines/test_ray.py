"""Engine `ray` and verdicts on a cluster: three emulated nodes, that come and go."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from settings import machine
from tiny_models import GREEDY, ONE, SAMPLE, SAMPLED, chunks, drawn, shards

from restem.core.errors import EngineError
from restem.core.protocols import Engine
from restem.core.records import Completion
from restem.core.scratch import Scratch
from restem.sampling.drawing import Drawing
from restem.sampling.store import Store

pytestmark = pytest.mark.slow
ray = pytest.importorskip("ray", reason="`make engines` installs Ray")
RAY_HF = replace(SAMPLE, ray_engine="hf")
ANY = machine(workers=0)
Drawn = dict[tuple[str, int], Completion]


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
import signal, sys
from pathlib import Path
from contextlib import contextmanager
from dataclasses import replace
from tiny_models import *
from restem.core.scratch import Scratch
from restem.sampling.drawing import Drawing
from restem.sampling.ray import open_engine
from restem.sampling.store import Store
folder, path, hold = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
opening = lambda: open_engine(folder, replace(SAMPLE, ray_engine="hf"), machine(workers=0))
with Drawing(Store(Scratch(path), {}), opening, SAMPLED) as drawing:
    for number, shard in enumerate(drawing.draw("x", lambda: chunks(60)), 1):
        print(shard.name, flush=True)
        if number == hold:
            signal.pause()
"""


def drive(folder: Path, store: Path, address: str, hold: int = 0) -> subprocess.Popen[str]:
    """A process that draws, and after `hold` shards waits to be killed."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), str(store), str(hold)],
        text=True, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path, "RAY_ADDRESS": address},
    )  # fmt: skip


def test_a_killed_driver_goes_on(address: str, folder: Path, tmp_path: Path) -> None:
    def opening() -> AbstractContextManager[Engine]:
        return opened(folder)

    with Drawing(Store(Scratch(tmp_path / "a"), {}), opening, SAMPLED) as drawing:
        names = [shard.name for shard in drawing.draw("x", lambda: chunks(60))]
    killed = drive(folder, tmp_path / "b", address, hold=4)
    assert killed.stdout is not None
    for _ in range(4):
        killed.stdout.readline()
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=600)
    before = {f.name: f.stat().st_mtime_ns for f in (tmp_path / "b").glob("[08]-s*")}
    assert 4 <= len(before) < len(names)
    drive(folder, tmp_path / "b", address).communicate(timeout=600)
    after = {f.name: f.stat().st_mtime_ns for f in (tmp_path / "b").glob("[08]-s*")}
    assert before.items() <= after.items(), "no shard is drawn twice"
    assert sorted(after) == sorted(names)
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


# ---- what goes wrong


def test_a_dead_address_is_named(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with pytest.raises(EngineError, match=rf"no Ray cluster answers at 127.0.0.1:{port}"):
        opened(folder).__enter__()


def test_a_folder_that_only_the_driver_sees(address: str, tmp_path: Path) -> None:
    from restem.sampling import ray as engine

    with pytest.raises(EngineError, match=r"node .* does not see .*/gone\. The repository must"):
        engine.serving(tmp_path / "gone", RAY_HF, ONE).__enter__()
