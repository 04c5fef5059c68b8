"""Trainings in several processes, with and without DeepSpeed, killed, on one node and two."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file
from settings import machine
from training_jobs import WORDS, by_weights, contents, job, rows, save_policy, silent

from restem.core.connection import connected
from restem.core.errors import EngineError
from restem.core.records import TrainRow
from restem.training.loop import Result, train

pytestmark = pytest.mark.slow
LEG = "restem.training.leg"


def families() -> list[TrainRow]:
    """Four solutions of every prompt, of unequal lengths and weights."""
    made = []
    for i, row in enumerate(rows(24)):
        for k in range(4):
            solution = " ".join(WORDS[(i * k + j) % 24] for j in range(2 + (i + k) % 5))
            made.append(replace(row, completion=solution, weight=0.5 + k, sample_id=f"{i}-{k}"))
    return made


def settings(**changes: Any) -> dict[str, Any]:
    """About two rows an update, each of about two solutions."""
    own = {"max_epochs": 2, "checks_per_epoch": 1, "batch_tokens": 40, "max_length": 34, "lr": 1e-3}
    return {"rows": families(), **own, **changes}


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_policy(tmp_path_factory.mktemp("policy") / "tiny")


Ran = dict[str, tuple[Path, Result]]
EPOCHS = {"off": 1, "zero1": 1, "zero2": 2, "zero3": 2}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, policy: Path) -> dict[int, Any]:
    """The trainings of one epoch, and of two, in one process."""
    found = {}
    for epochs in (1, 2):
        folder = tmp_path_factory.mktemp("alone")
        values = settings(max_epochs=epochs)
        found[epochs] = folder, train(job(folder, policy, **values), by_weights, silent)
    return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, policy: Path) -> Ran:
    """The same in two processes, by what they share."""
    found: Ran = {}
    for shared, epochs in EPOCHS.items():
        folder = tmp_path_factory.mktemp(shared)
        changes = settings(processes=2, deepspeed=shared, max_epochs=epochs)
        found[shared] = folder, train(job(folder, policy, **changes), by_weights, silent)
    return found


def last_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Of the newest checkpoint."""
    newest = max((folder / "work").glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
    loaded: dict[str, torch.Tensor] = load_file(newest / "model.safetensors")
    return loaded


def assert_same_training(some: tuple[Path, Result], other: tuple[Path, Result]) -> None:
    assert [p["step"] for p in some[1].curve] == [p["step"] for p in other[1].curve]
    for one, two in zip(some[1].curve, other[1].curve, strict=True):
        assert one["loss"] == pytest.approx(two["loss"], abs=1e-5)
        assert one["grad_norm"] == pytest.approx(two["grad_norm"], rel=1e-4)
    some_weights, other_weights = last_weights(some[0]), last_weights(other[0])
    for name, weight in other_weights.items():  # ZeRO-1 and 2 also write the tied head
        torch.testing.assert_close(some_weights[name], weight, atol=1e-6, rtol=0)


@pytest.mark.parametrize("shared", EPOCHS)
def test_two_processes_are_one(shared: str, ran: Ran, alone: dict[int, Any]) -> None:
    one = alone[EPOCHS[shared]]
    assert len(one[1].curve) > 20  # so that differences would grow
    assert_same_training(ran[shared], one)


@pytest.mark.parametrize("shared", ["zero2", "zero3"])
def test_what_is_left_is_a_plain_model_folder(shared: str, ran: Ran, policy: Path) -> None:
    from transformers import AutoModelForCausalLM

    out = ran[shared][0] / "out"
    assert {path.name for path in out.iterdir()} == {*os.listdir(policy), "README.md"}
    loaded = AutoModelForCausalLM.from_pretrained(out).state_dict()
    whole = AutoModelForCausalLM.from_pretrained(policy).state_dict()
    assert {k: v.shape for k, v in loaded.items()} == {k: v.shape for k, v in whole.items()}


def test_the_cost_is_counted(ran: Ran) -> None:
    cost: dict[str, Any] = ran["zero2"][1].cost
    assert {"start", "load", "update", "save", "check", "export"} == set(cost["seconds"])
    assert cost["tokens"] == 2 * (ran["zero2"][1].row_tokens)  # no prefix is shared here
    assert cost["own_tokens"] < 0.7 * cost["tokens"]
    assert cost["tokens_per_s"] > 0


def legs(of: int | None = None) -> list[psutil.Process]:
    """Training processes this one, or another, has started."""
    found = []
    for process in psutil.Process(of).children(recursive=True):
        try:
            words = process.cmdline()
            if LEG in words and "torch.distributed.run" not in words and "-m" in words:
                found.append(process)
        except psutil.Error:
            continue
    return [p for p in found if "RANK" in p.environ()]


@contextmanager
def one_is_killed(work: Path) -> Iterator[list[int]]:
    """Once the second leg has begun to train."""
    killed: list[int] = []
    ended = threading.Event()

    def kill() -> None:
        while not ended.wait(0.01):
            ranks = {p.environ()["RANK"]: p for p in legs()} if _trains_on(work) else {}
            if "1" in ranks:
                ranks["1"].kill()
                killed.append(ranks["1"].pid)
                return

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()


def _trains_on(work: Path) -> bool:
    """Whether an update after the first complete checkpoint was told of."""
    steps = [int(path.parent.name[11:]) for path in work.glob("checkpoint-*/complete.json")]
    try:
        return bool(steps) and json.loads((work / "progress.json").read_text())["done"] > max(steps)
    except (OSError, ValueError):
        return False


@pytest.mark.parametrize("shared", ["zero2", "zero3"])
def test_killed_and_resumed_is_straight(
    shared: str, ran: Ran, policy: Path, tmp_path: Path
) -> None:
    changes = settings(processes=2, deepspeed=shared)
    with (
        one_is_killed(tmp_path / "work") as killed,
        pytest.raises(EngineError, match=r"Signal 9 .*goes on from the last checkpoint"),
    ):
        train(job(tmp_path, policy, **changes), by_weights, silent)
    assert killed
    seen: list[int] = []
    again = train(
        job(tmp_path, policy, **changes), by_weights, lambda done, total, live: seen.append(done)
    )
    assert seen[0] > again.checks[0]["step"]  # the first epoch was not done again
    assert again == ran[shared][1]
    assert contents(tmp_path / "out") == contents(ran[shared][0] / "out")


def test_processes_end_with_the_stage(policy: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from training_jobs import by_weights, job, silent\n"
        "from restem.training.loop import train\n"
        "train(job(Path(sys.argv[2]), Path(sys.argv[3]), processes=2, max_epochs=10000),"
        " by_weights, silent)\n"
    )
    tests = str(Path(__file__).parents[1])
    stage = subprocess.Popen([sys.executable, "-c", code, tests, str(tmp_path), str(policy)])
    try:
        deadline = time.monotonic() + 600
        while len(started := legs(stage.pid)) < 2:
            assert time.monotonic() < deadline
            assert stage.poll() is None
            time.sleep(0.1)
        started += psutil.Process(stage.pid).children(recursive=True)
    finally:
        os.kill(stage.pid, signal.SIGKILL)
        stage.wait()
    _, alive = psutil.wait_procs(started, timeout=120)
    assert not alive


def test_a_loss_that_is_not_finite_is_told_as_by_one_process(policy: Path, tmp_path: Path) -> None:
    wild = settings(processes=2, lr=1e30, warmup_ratio=0.0)
    with pytest.raises(EngineError, match=r"at update 2 \(problems p\d\d.*train\.lr"):
        train(job(tmp_path, policy, **wild), by_weights, silent)
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray's own
def test_two_nodes_are_one(ran: Ran, policy: Path, tmp_path: Path, address: str) -> None:
    import ray

    changes = settings(processes=2, deepspeed="zero2", cluster="ray")
    with connected(machine(workers=0)):
        assert {node["Resources"].get("CPU", 0) for node in ray.nodes()} == {0, 1.0}
        result = train(job(tmp_path, policy, **changes), by_weights, silent)
    assert result == ran["zero2"][1]
    assert contents(tmp_path / "out") != {}
    weights, others = last_weights(tmp_path), last_weights(ran["zero2"][0])
    assert all(torch.equal(weights[name], others[name]) for name in others)


def test_a_cluster_that_is_too_small_is_told_at_once(
    policy: Path, tmp_path: Path, address: str
) -> None:
    changes = settings(processes=5, cluster="ray")
    with (
        connected(machine(workers=0)),
        pytest.raises(EngineError, match=r"has 2 cores, train\.processes is 5"),
    ):
        train(job(tmp_path, policy, **changes), by_weights, silent)
