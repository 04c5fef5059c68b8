from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_models
import torch
from tiny_models import ONE, SAMPLE, SAMPLED, TWO, drawn, llama, save, shards, word_tokenizer

from restem.core.errors import EngineError
from restem.core.protocols import Request, Shard
from restem.sampling.hf import open_engine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(llama(), word_tokenizer(), tmp_path_factory.mktemp("m") / "model")


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: list[int]) -> bool:
    """Whether all of them end within 10 s."""
    end = time.monotonic() + 120
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, pids))


def test_one_worker_leaves_the_number_of_threads_as_it_was(folder: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with open_engine(folder, SAMPLE, ONE):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("machine", [ONE, TWO])
def test_a_missing_model_is_refused_on_opening(tmp_path: Path, machine: object) -> None:
    with (
        pytest.raises(EngineError, match="is missing"),
        open_engine(tmp_path / "x", SAMPLE, machine),
    ):  # type: ignore[arg-type]  # a test table
        pass


def test_workers_that_die_are_an_error_and_there_are_no_more_than_shards(folder: Path) -> None:
    killed: list[int] = []

    def kill() -> None:
        for process in multiprocessing.active_children():
            killed.append(process.pid or 0)
            process.kill()

    with open_engine(folder, SAMPLE, replace(TWO, workers=8)) as engine:
        assert drawn(engine, [], SAMPLED) == {}
        threading.Timer(0.5, kill).start()
        with pytest.raises(EngineError, match=r"a worker died at shard s\d: killed by SIGKILL"):
            drawn(engine, shards(2, size=1), SAMPLED)
    assert len(killed) == 2
    assert gone(killed)


@pytest.mark.slow
def test_shards_are_taken_in_order_as_workers_are_free_and_time_is_told(folder: Path) -> None:
    taken: list[str] = []

    def many() -> Iterator[Shard]:
        for number in range(1000):
            shard = replace(shards(1)[0], name=f"{number:04d}")
            taken.append(shard.name)
            yield shard

    with open_engine(folder, SAMPLE, TWO) as engine:
        results = engine.generate(many(), SAMPLED)
        finished = [next(results)[0].name for _ in range(6)]
        results.close()  # type: ignore[attr-defined]  # a generator
        timing = dict(engine.timing)
    assert taken == [f"{number:04d}" for number in range(len(taken))]
    assert set(finished) <= set(taken)
    assert len(taken) <= len(finished) + 2
    assert timing.keys() == {"start", "load"}
    assert min(timing.values()) > 0


@pytest.mark.slow
def test_an_error_in_a_worker_names_shard_and_problem_and_ends_nothing_else(folder: Path) -> None:
    long = Shard("the shard", (Request("the problem", " w5" * 120, (), 0, 1),))
    with open_engine(folder, SAMPLE, TWO) as engine:
        with pytest.raises(EngineError, match="shard the shard: problem the problem: 120 prompt"):
            drawn(engine, [long], SAMPLED)
        assert len(drawn(engine, shards(2), SAMPLED)) == 8
        results = engine.generate(shards(4, size=1), SAMPLED)
        next(results)
        results.close()  # type: ignore[attr-defined]  # a generator: its rest is not wanted
        assert len(drawn(engine, shards(2), SAMPLED)) == 8


@pytest.mark.slow
def test_a_model_that_only_fails_on_loading_is_one_error(tmp_path: Path) -> None:
    broken = save(llama(), word_tokenizer(), tmp_path / "model")
    (broken / "model.safetensors").write_bytes(b"broken")
    with (
        open_engine(broken, SAMPLE, TWO) as engine,
        pytest.raises(EngineError, match="cannot load"),
    ):
        drawn(engine, shards(2), SAMPLED)


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_parent(folder: Path, by: signal.Signals) -> None:
    path = os.pathsep.join(str(p) for p in (Path(tiny_models.__file__).parents[1] / "src",))
    parent = subprocess.Popen(
        [sys.executable, tiny_models.__file__, str(folder)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        pids = [int(pid) for pid in parent.stdout.readline().strip("[]\n").split(",")]
        parent.send_signal(by)
        parent.stdout.close()
        said = parent.stderr.read()
    assert len(pids) == 2
    assert gone(pids)
    assert said.count("Traceback") <= (by == signal.SIGINT)  # the parent's own, none of workers


@pytest.mark.slow
def test_handing_out_shards_does_not_import_torch(folder: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nsys.path.insert(0, sys.argv[2])\n"
        "from tiny_models import *\nfrom restem.sampling.hf import open_engine\n"
        "if __name__ == '__main__':\n"
        "    with open_engine(Path(sys.argv[1]), SAMPLE, TWO) as engine:\n"
        "        assert len(drawn(engine, shards(2), SAMPLED)) == 8\n"
        "    assert 'torch' not in sys.modules\n"
    )
    tests = Path(tiny_models.__file__).parent
    script = folder.parent / "program.py"
    script.write_text(program)
    subprocess.run(
        [sys.executable, str(script), str(folder), str(tests)],
        env={**os.environ, "PYTHONPATH": str(tests.parent / "src"), "OMP_NUM_THREADS": "1"},
        check=True,
    )
