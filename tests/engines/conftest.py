"""Models that vLLM can serve: its attention on CPUs wants heads of 32 or more."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import tiny_models

from restem.core.records import Completion

Drawn = dict[tuple[str, int], Completion]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with grouped queries."""
    model = tiny_models.llama(hidden_size=128)
    return tiny_models.save(model, tiny_models.word_tokenizer(), tmp_path_factory.mktemp("a") / "m")


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen2 that writes bytes, so that characters are made of several tokens."""
    model = tiny_models.qwen2(hidden_size=128, vocab_size=258)
    return tiny_models.save(model, tiny_models.byte_tokenizer(), tmp_path_factory.mktemp("b") / "m")


@pytest.fixture(scope="session")
def sampled(folder: Path) -> Drawn:
    """The samples that others are compared with."""
    pytest.importorskip("vllm", reason="`make engines` installs vLLM")
    from restem.sampling.vllm import open_engine

    with open_engine(folder, tiny_models.SAMPLE, tiny_models.ONE) as opened:
        return tiny_models.drawn(opened, tiny_models.chunks(), tiny_models.SAMPLED)


RAY_NAMES = ("raylet", "gcs_server")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """A head without cores and two nodes of one core; tests may add a third."""
    ray = pytest.importorskip("ray", reason="`make engines` installs Ray")
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
        _, alive = psutil.wait_procs(started, timeout=120)
        assert not alive


@pytest.fixture
def address(nodes: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    return str(nodes.address)
