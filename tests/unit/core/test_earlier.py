"""What a failed stage can say of the outputs that DVC deleted before it ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from restem.core import earlier

LOCK = """\
schema: '2.0'
stages:
  prepare:
    cmd: restem prepare
    outs:
    - path: data/problems
      hash: md5
      md5: 0123abc.dir
      size: 4
  train@1:
    outs:
    - path: models/1
      md5: 4567abc.dir
    - path: metrics/training/1.json
      md5: 89ab
"""


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository after a run of both stages, of whose outputs none is left."""
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text(LOCK)
    for name in ("01/23abc.dir", "45/67abc.dir", "89/ab"):
        (earlier.CACHE / name).parent.mkdir(parents=True)
        (earlier.CACHE / name).touch()


def test_what_is_gone_and_in_the_cache_can_come_back() -> None:
    assert earlier.hint("prepare") == (
        " The earlier data/problems can come back: `dvc checkout prepare`."
    )
    assert "models/1 and metrics/training/1.json can" in earlier.hint("train@1")


def test_what_is_still_there_needs_no_hint() -> None:
    Path("data/problems").mkdir(parents=True)
    assert earlier.hint("prepare") == ""


def test_what_is_in_no_cache_is_not_promised() -> None:
    (earlier.CACHE / "89/ab").unlink()
    assert "metrics" not in earlier.hint("train@1")


@pytest.mark.parametrize("lock", [None, "", "stages:\n  prep", "stages: 3\n", "- 1\n", "a: [\n"])
def test_a_first_run_or_a_broken_lock_has_none(lock: str | None) -> None:
    Path("dvc.lock").unlink()
    if lock is not None:
        Path("dvc.lock").write_text(lock)
    assert earlier.hint("prepare") == ""


def test_a_stage_is_settled_while_params_are_those_it_ran_with() -> None:
    Path("params.yaml").write_text("cap: 10\nmodel: /models/x\nmachine: {workers: 1}\n")
    lock = "schema: '2.0'\nstages:\n  inputs:\n    params:\n      params.yaml:\n        cap: 10\n"
    Path("dvc.lock").write_text(f"{lock}        model: /models/x\n")
    assert earlier.is_settled("inputs")
    assert not earlier.is_settled("prepare"), "it never ran"
    Path("params.yaml").write_text("cap: 11\nmodel: /models/x\n")
    assert not earlier.is_settled("inputs")
    Path("dvc.lock").write_text("stages: [")
    assert not earlier.is_settled("inputs")
