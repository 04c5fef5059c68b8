"""Models that vLLM can serve: its attention on CPUs wants heads of 32 or more."""

from __future__ import annotations

import sys
from pathlib import Path

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
