"""What every engine promises, whatever produces its text."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from tiny_models import GREEDY, ONE, SAMPLE, SAMPLED, drawn, gpt2, llama, prompts, save, shards
from tiny_models import word_tokenizer as tokenizer

from restem.core import plugins
from restem.core.errors import RestemError
from restem.core.protocols import Engine, EngineModule

Open = Callable[[], AbstractContextManager[Engine]]


def hf(folder: Path, model: object) -> Open:
    save(model, tokenizer(), folder)
    return lambda: plugins.load("engine", "hf").open_engine(folder, SAMPLE, ONE)  # type: ignore[no-any-return]  # a module


def replay(folder: Path) -> Open:
    """Recorded completions: 16 for each problem."""
    folder.mkdir()
    rows = [{"problem_id": f"p{i}", "text": f"{i} {n}"} for n in range(16) for i in range(6)]
    (folder / "1.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    sample = replace(SAMPLE, replay=str(folder / "1"))
    return lambda: plugins.load("engine", "replay").open_engine(folder, sample, ONE)  # type: ignore[no-any-return]  # a module


@pytest.fixture(scope="module", params=["hf llama", "hf gpt2", "replay"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Open:
    folder = tmp_path_factory.mktemp("engine") / "model"
    if request.param == "replay":
        return replay(folder)
    return hf(folder, llama() if request.param == "hf llama" else gpt2())


def test_the_engines_are_the_files_that_open_one() -> None:
    assert {"hf", "replay"} <= set(plugins.names("engine"))


@pytest.mark.parametrize("name", plugins.names("engine"))
def test_engines_open_with_the_arguments_of_the_protocol(name: str) -> None:
    wanted = list(inspect.signature(EngineModule.open_engine).parameters)[1:]
    assert list(inspect.signature(plugins.load("engine", name).open_engine).parameters) == wanted


def test_every_sample_asked_for_comes_once(engine: Open) -> None:
    with engine() as opened:
        found = list(opened.generate(shards(first=2, last=5), SAMPLED))
    assert sorted(s.name for s, _ in found) == sorted(s.name for s in shards())
    for shard, completions in found:
        assert [len(row) for row in completions] == [3] * len(shard.requests)


def test_the_same_seed_gives_the_same_samples_and_shards_may_come_in_any_order(
    engine: Open,
) -> None:
    with engine() as opened:
        straight = drawn(opened, shards(), SAMPLED)
        assert drawn(opened, shards()[::-1], SAMPLED) == straight
    with engine() as opened:
        assert drawn(opened, shards(), SAMPLED) == straight


def test_asking_for_more_keeps_the_first_ones(engine: Open) -> None:
    with engine() as opened:
        first = drawn(opened, shards(first=0, last=8), SAMPLED)
        both = drawn(opened, shards(first=0, last=8) + shards(first=8, last=16), SAMPLED)
    assert {key: both[key] for key in first} == first
    assert len(both) == 2 * len(first)


def test_completions_are_within_their_bounds(engine: Open) -> None:
    with engine() as opened:
        for c in drawn(opened, shards(), SAMPLED).values():
            assert 0 <= c.num_tokens <= SAMPLED.max_new_tokens
            assert c.finish_reason in ("stop", "length")
            assert c.logprob is None or c.logprob <= 0


def test_no_text_contains_its_stop_string(engine: Open) -> None:
    stop = ("\n", " w9")
    with engine() as opened:
        texts = [c.text for c in drawn(opened, shards(stop=stop), SAMPLED).values()]
    assert not any(s in text for s in stop for text in texts)


@pytest.fixture(scope="module", params=[llama, gpt2])
def drawing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Engines that draw by themselves, so that seed and temperature mean something."""
    return hf(tmp_path_factory.mktemp("engine") / "model", request.param())


def test_another_seed_gives_other_samples(drawing: Open) -> None:
    with drawing() as opened:
        assert drawn(opened, shards(), SAMPLED) != drawn(opened, shards(), replace(SAMPLED, seed=8))


def test_samples_of_a_problem_differ_and_greedy_ones_do_not(drawing: Open) -> None:
    with drawing() as opened:
        sampled = drawn(opened, shards(), SAMPLED)
        greedy = drawn(opened, shards(), GREEDY)
    assert len({c.text for c in sampled.values()}) > 15
    assert len({c.text for (problem, _), c in greedy.items() if problem == "p3"}) == 1


def test_unusable_input_is_an_error_of_the_tree(drawing: Open) -> None:
    long = replace(shards()[0].requests[0], prompt=prompts(1)[0] * 50)
    with drawing() as opened, pytest.raises(RestemError, match="p0"):
        drawn(opened, [replace(shards()[0], requests=(long,))], SAMPLED)
