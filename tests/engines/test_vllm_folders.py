"""Engine `vllm` opens one folder after the other in a process, or says why it does not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_models import GREEDY, ONE, SAMPLE, SAMPLED, STOP, chunks, drawn, shards

from restem.core.errors import EngineError
from restem.core.protocols import Engine, Request, Sampling, Shard
from restem.core.records import Completion
from restem.sampling import hf, vllm

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


def test_a_second_process_draws_the_same(folder: Path, sampled: Drawn, tmp_path: Path) -> None:
    code = (
        "import json, sys; from pathlib import Path; from dataclasses import astuple\n"
        "from tiny_models import *; from restem.sampling.vllm import open_engine\n"
        f"stop = {STOP!r}\n"
        "work = [s for first in (0, 8) for s in shards(12, stop, first, first + 8, 5)]\n"
        "with open_engine(Path(sys.argv[1]), SAMPLE, ONE) as engine:\n"
        "    found = drawn(engine, work, SAMPLED)\n"
        "print(json.dumps([[*key, *astuple(one)] for key, one in found.items()]))\n"
    )
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    rows = json.loads(done.stdout)
    assert {(row[0], row[1]): Completion(*row[2:]) for row in rows} == sampled


DRIVER = """
import sys
from pathlib import Path
from tiny_models import *
from restem.core.scratch import Scratch
from restem.sampling.drawing import Drawing
from restem.sampling.store import Store
from restem.sampling.vllm import open_engine
folder, path = map(Path, sys.argv[1:])
opening = lambda: open_engine(folder, SAMPLE, ONE)
with Drawing(Store(Scratch(path), {}), opening, SAMPLED) as drawing:
    for shard in drawing.draw("x", lambda: chunks(160)):
        print(shard.name, flush=True)
"""


def test_what_is_killed_goes_on_with_the_same_samples(folder: Path, tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])

    def drive(name: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(folder), str(tmp_path / name)], text=True,
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip

    def files(name: str) -> dict[str, int]:
        return {f.name: f.stat().st_mtime_ns for f in (tmp_path / name).glob("[08]-s*")}

    names = drive("straight").communicate(timeout=300)[0].split()
    killed = drive("killed")
    assert killed.stdout is not None
    for _ in range(3):
        killed.stdout.readline()
    killed.kill()
    killed.communicate(timeout=60)
    before = files("killed")
    assert 3 <= len(before) < len(names)
    drive("killed").communicate(timeout=300)
    assert before.items() <= files("killed").items(), "no shard is drawn twice"
    assert sorted(files("killed")) == sorted(names)
    for one in names:
        assert (tmp_path / "straight" / one).read_bytes() == (
            tmp_path / "killed" / one
        ).read_bytes()


def test_the_process_is_left_as_it_was(folder: Path) -> None:
    import torch

    before, threads = dict(os.environ), torch.get_num_threads()
    with vllm.open_engine(folder, SAMPLE, ONE):
        pass
    assert dict(os.environ) == before
    torch.set_num_threads(threads + 1)
    assert torch.get_num_threads() == threads + 1
    torch.set_num_threads(threads)


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


def test_after_a_refusal_the_next_folder_opens(folder: Path) -> None:
    with vllm.open_engine(folder, SAMPLE, ONE) as opened:
        assert drawn(opened, shards(2, STOP, last=1), GREEDY)


def test_a_second_engine_at_the_same_time_is_refused(folder: Path) -> None:
    """They would share what vLLM keeps for a whole process."""
    with vllm.open_engine(folder, SAMPLE, ONE) as opened:
        with pytest.raises(EngineError, match="one at a time"):
            vllm.open_engine(folder, SAMPLE, ONE).__enter__()
        assert drawn(opened, shards(2, STOP, last=1), GREEDY)
