"""Samples drawn in parts, by processes side by side, and the job scripts that do so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_models import llama, prompts, save, word_tokenizer

from restem.__main__ import main
from restem.commands.draw import _array_part
from restem.core import layout, storage
from restem.core.errors import ParamsError
from restem.core.records import Problem
from restem.core.scratch import scratch_root

REPO = Path(__file__).parents[3]
SCRIPTS = sorted((REPO / "examples" / "slurm").glob("*.sbatch"))
VALUES = ("samples_per_problem=16", "sample.batch_rows=32", "sample.max_new_tokens=24",
          "machine.workers=1")  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """params.yaml and .dvc; the working directory."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "params.yaml").write_bytes((REPO / "tests/params.yaml").read_bytes())
    (tmp_path / "presets").symlink_to(REPO / "presets")
    assert main(["configure", *VALUES]) == 0
    return tmp_path


def make_inputs() -> None:
    """D and policy 0."""
    storage.write_problems(layout.problems("train"), [
        Problem(f"p{i:02d}", "t", "train", "s", 1, "?", prompt, ("\n",), '{"answer": "5"}', None)
        for i, prompt in enumerate(prompts(20))
    ])  # fmt: skip
    storage.write_json(layout.plan("1"), {"iteration": 1, "active": True})
    save(llama(), word_tokenizer(), layout.model("0"))


def restem(*words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "restem", *words], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPO / "src"), "OMP_NUM_THREADS": "1", **environment},
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out + err


def shards() -> dict[str, int]:
    """Names and times of those in the store."""
    return {path.name: path.stat().st_mtime_ns for path in scratch_root().glob("sample-1-*/s*")}


def num_drawn(said: str) -> int:
    (found,) = re.findall(r"(\d+) shards drawn", said)
    return int(found)


@pytest.mark.slow
def test_parts_drawn_side_by_side_are_the_samples_of_a_single_run(workspace: Path) -> None:
    make_inputs()
    ended(restem("sample", "1"))
    alone = layout.samples("1").read_bytes()
    count = len(shards())
    assert count >= 6
    os.rename(".dvc/tmp", ".dvc/tmp-alone")
    layout.samples("1").unlink()

    array = {"SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_TASK_MIN": "0"}
    parts = [restem("draw", "1", "--part", "1/2"),
             restem("draw", "1", SLURM_ARRAY_TASK_ID="1", **array)]  # fmt: skip
    said = [ended(process) for process in parts]
    assert [num_drawn(text) for text in said] == [(count + 1) // 2, count // 2]
    assert "draw 1, part 2 of 2: " in said[1]
    drawn = shards()
    assert len(drawn) == count

    assert f"({count} of {count} shards were done)" in ended(restem("sample", "1"))
    assert layout.samples("1").read_bytes() == alone
    assert shards() == drawn


@pytest.mark.slow
def test_a_killed_draw_leaves_its_finished_shards(workspace: Path) -> None:
    make_inputs()
    killed = restem("draw", "1")
    while not shards() and killed.poll() is None:
        time.sleep(0.001)
    killed.kill()
    killed.communicate()
    left = shards()
    assert left
    said = ended(restem("draw", "1"))
    assert f"{len(left)} were there" in said
    assert left.items() <= shards().items()
    assert num_drawn(ended(restem("draw", "1"))) == 0


def refusal(capsys: pytest.CaptureFixture[str], code: int, *words: str) -> str:
    """The one line."""
    capsys.readouterr()
    assert main(["draw", *words]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err.removeprefix("restem draw: ")


@pytest.mark.parametrize("part", ["0/2", "3/2", "1/0", "2", "a/b", "-1/2", "1/2/3"])
def test_a_part_that_cannot_be_is_refused(
    workspace: Path, capsys: pytest.CaptureFixture[str], part: str
) -> None:
    said = refusal(capsys, 2, "1", f"--part={part}")
    assert said.startswith(f"--part must be I/N with 1 <= I <= N, such as 2/8, got {part!r}")


@pytest.mark.parametrize("iteration", ["0", "3", "x", "²"])
def test_an_iteration_that_is_not_active_is_refused(
    workspace: Path, capsys: pytest.CaptureFixture[str], iteration: str
) -> None:
    said = refusal(capsys, 2, iteration)
    assert said.startswith("K must be an iteration from 1 to 2 (params.yaml, iters)")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("engine=replay", "engine is replay"),
        ("sample.stop_after_correct=2", "sample.stop_after_correct is 2"),
    ],
)
def test_what_cannot_be_drawn_in_parts_is_refused(
    workspace: Path, capsys: pytest.CaptureFixture[str], value: str, words: str
) -> None:
    assert main(["configure", value]) == 0
    assert words in refusal(capsys, 2, "1")


def test_what_must_be_made_first_is_named(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "`dvc repro prepare` makes it" in refusal(capsys, 1, "1")
    storage.write_problems(layout.problems("train"), [])
    assert "`dvc repro base` makes it" in refusal(capsys, 1, "1")
    storage.write_json(layout.model("1") / "idle", {})
    assert "`dvc repro train@1` makes it" in refusal(capsys, 1, "2")
    assert not scratch_root().exists()


def slurm(task: int, count: int, first: int, last: int) -> dict[str, str]:
    values = {"ID": task, "COUNT": count, "MIN": first, "MAX": last}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}


def test_a_task_of_an_array_has_its_part() -> None:
    assert _array_part({}) == (1, 1)
    assert _array_part(slurm(0, 4, 0, 3)) == (1, 4)
    assert _array_part(slurm(8, 4, 5, 8)) == (4, 4)


@pytest.mark.parametrize("values", [(2, 4, 0, 6), (6, 4, 0, 6), (9, 2, 3, 9)])
def test_an_array_with_gaps_is_refused(values: tuple[int, int, int, int]) -> None:
    with pytest.raises(ParamsError, match="with gaps"):
        _array_part(slurm(*values))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_job_scripts_are_bash(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)


SBATCH = """#!/bin/sh
echo "$@" >> calls
wc -l < calls
"""


def test_the_array_waits_for_its_policy_and_the_next_policy_for_the_array(tmp_path: Path) -> None:
    """With a stand-in for sbatch, which numbers jobs from 1."""
    (tmp_path / "sbatch").write_text(SBATCH)
    (tmp_path / "sbatch").chmod(0o755)
    script = REPO / "examples/slurm/sample-array.sbatch"
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run(["bash", script], cwd=tmp_path, env={"PATH": path}, check=True)
    calls = (tmp_path / "calls").read_text().splitlines()
    common = "--parsable --kill-on-invalid-dep=yes"
    name = "examples/slurm/sample-array.sbatch"
    assert calls == [
        f"{common} {name} repro base",
        f"{common} --dependency=afterok:1 --array=1-8 {name} draw 1",
        f"{common} --dependency=afterany:2 {name} repro train@1",
        f"{common} --dependency=afterok:3 --array=1-8 {name} draw 2",
        f"{common} --dependency=afterany:4 {name} repro",
    ]
