"""Engine `vllm` opens one folder after the other in a process, or says why it does not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_models import GREEDY, ONE, SAMPLE, SAMPLED, STOP, chunks, drawn, shards

from restem.core.errors import EngineError
from restem.core.protocols import Engine, Request, Sampling, Shard
from restem.core.records import Completion
from restem.core.scratch import Scratch
from restem.sampling import hf, vllm
from restem.sampling.drawing import Drawing
from restem.sampling.store import Store

pytestmark = pytest.mark.slow
pytest.importorskip("vllm", reason="`make engines` installs vLLM")
Drawn = dict[tuple[str, int], Completion]


def test_bytes_become_the_same_text(other: Path) -> None:
    work = shards(20, ("é", "aa"), last=1)
    with hf.open_engine(other, SAMPLE, ONE) as reference:
        expected = drawn(reference, work, GREEDY)
    with vllm.open_engine(other, SAMPLE, ONE) as opened:
        found = drawn(opened, work, GREEDY)
    assert {k: one.text for k, one in found.items()} == {k: o.text for k, o in expected.items()}


def test_a_cache_that_is_too_small_for_all_gives_the_same_samples(
    folder: Path, sampled: Drawn
) -> None:
    with vllm.open_engine(folder, SAMPLE, replace(ONE, kv_cache_gb=0.002)) as opened:
        assert drawn(opened, chunks(), SAMPLED) == sampled


def test_what_the_folder_says_of_sampling_plays_no_part(folder: Path, tmp_path: Path) -> None:
    free, found = Sampling(1.0, 0, 1.0, 24, 3), []
    leaky = shutil.copytree(folder, tmp_path / "m")
    config = json.loads((leaky / "generation_config.json").read_text())
    config |= {"do_sample": True, "temperature": 1.9, "top_p": 0.1, "repetition_penalty": 9.0,
               "max_new_tokens": 2, "top_k": 2}  # fmt: skip
    (leaky / "generation_config.json").write_text(json.dumps(config))
    for model_dir in (folder, leaky):
        with vllm.open_engine(model_dir, SAMPLE, ONE) as opened:
            greedy = drawn(opened, shards(12, STOP, last=1), GREEDY)
            found.append((greedy, drawn(opened, chunks(), free)))
    assert found[0] == found[1]


DRIVER = """
import signal, sys
from pathlib import Path
from tiny_models import *
from restem.core.scratch import Scratch
from restem.sampling.drawing import Drawing
from restem.sampling.store import Store
from restem.sampling.vllm import open_engine
folder, path, hold = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
opening = lambda: open_engine(folder, SAMPLE, ONE)
with Drawing(Store(Scratch(path), {}), opening, SAMPLED) as drawing:
    for number, shard in enumerate(drawing.draw("x", lambda: chunks(160)), 1):
        print(shard.name, flush=True)
        if number == hold:  # wait here to be killed
            signal.pause()
"""


def drive(folder: Path, store: Path, hold: int = 0) -> subprocess.Popen[str]:
    """A process that draws, and after `hold` shards waits to be killed."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), str(store), str(hold)],
        text=True, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def test_what_is_killed_goes_on_with_the_same_samples(folder: Path, tmp_path: Path) -> None:
    """In another process, which draws what this one draws."""
    straight, store = tmp_path / "straight", tmp_path / "killed"

    def files() -> dict[str, int]:
        return {f.name: f.stat().st_mtime_ns for f in store.glob("[08]-s*")}

    def opening() -> AbstractContextManager[Engine]:
        return vllm.open_engine(folder, SAMPLE, ONE)

    with Drawing(Store(Scratch(straight), {}), opening, SAMPLED) as drawing:
        names = [shard.name for shard in drawing.draw("x", lambda: chunks(160))]
    killed = drive(folder, store, hold=3)
    assert killed.stdout is not None
    for _ in range(3):
        killed.stdout.readline()
    killed.kill()
    killed.communicate(timeout=600)
    before = files()
    assert 3 <= len(before) < len(names)
    drive(folder, store).communicate(timeout=600)
    assert before.items() <= files().items(), "no shard is drawn twice"
    assert sorted(files()) == sorted(names)
    for one in names:
        assert (straight / one).read_bytes() == (store / one).read_bytes()


def long(words: int) -> list[Shard]:
    return [Shard("s", (Request("p9", "Problem:" + " w9" * words, (), 0, 1),))]


def draws(engine: Engine, work: Iterable[Shard], sampling: Sampling = GREEDY) -> None:
    list(engine.generate(work, sampling))


@pytest.mark.parametrize(
    ("gb", "says"),
    [
        (0.00001, "not enough .* memory"),
        (0.0001, r"problem p9: 91 prompt tokens .* exceed the 64 .* Raise machine\.kv_cache_gb"),
    ],
)
def test_a_cache_that_holds_no_solution_is_refused(folder: Path, gb: float, says: str) -> None:
    with (
        pytest.raises(EngineError, match=says) as caught,
        vllm.open_engine(folder, SAMPLE, replace(ONE, kv_cache_gb=gb)) as opened,
    ):
        draws(opened, long(90))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", '{"architectures": ["MadeUpForCausalLM"], "model_type": "made_up"}'),
        ("config.json", "{"),
        ("model.safetensors", "no weights"),
    ],
)
def test_a_folder_that_vllm_refuses(folder: Path, tmp_path: Path, file: str, content: str) -> None:
    broken = shutil.copytree(folder, tmp_path / "m")
    (broken / file).write_text(content)
    with pytest.raises(EngineError) as caught, vllm.open_engine(broken, SAMPLE, ONE):
        pass
    assert str(broken) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_vllm_it_says_how_to_get_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)  # so that it cannot be found
    with (
        pytest.raises(EngineError, match=r"make engines.*make gpu"),
        vllm.open_engine(folder, SAMPLE, ONE),
    ):
        pass


def test_after_refusals_a_folder_opens_and_leaves_the_process_as_it_was(folder: Path) -> None:
    import torch

    before, threads = dict(os.environ), torch.get_num_threads()
    with vllm.open_engine(folder, SAMPLE, ONE) as opened:
        with pytest.raises(EngineError, match="one at a time"):  # they would share vLLM's globals
            vllm.open_engine(folder, SAMPLE, ONE).__enter__()
        assert drawn(opened, shards(2, STOP, last=1), GREEDY)
    assert dict(os.environ) == before
    torch.set_num_threads(threads + 1)
    assert torch.get_num_threads() == threads + 1
    torch.set_num_threads(threads)
