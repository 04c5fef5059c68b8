"""Work of earlier code: found, told, and left alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from restem.core import adoption
from restem.core.adoption import earlier, in_words
from restem.core.scratch import FINISHED, scratch, scratch_path
from restem.core.seeds import stable_hash

OLD = {"src/a.py": "1", "src/b.py": "1", "src/gone.py": "1"}
NEW = {"src/a.py": "1", "src/b.py": "2", "src/new.py": "1"}


@pytest.fixture(autouse=True)
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))


def begun(stage: str, part: str, **inputs: object) -> Path:
    """Work that was killed after a part."""

    def interrupted() -> None:
        with scratch(stage, inputs) as work:
            (work.path / part).mkdir()
            (work.path / part / "trained.json").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    return scratch_path(stage, inputs)


def test_only_the_code_may_differ() -> None:
    old = begun("train-1", "checkpoint-5", code=OLD, train={"lr": 1.0}, rows="r")
    begun("train-1", "checkpoint-7", code=OLD, train={"lr": 2.0}, rows="r")
    begun("train-human", "checkpoint-9", code=OLD, train={"lr": 1.0}, rows="r")
    now = {"code": NEW, "train": {"lr": 1.0}, "rows": "r"}
    (found,) = earlier(scratch_path("train-1", now), now)
    assert (found.path, found.parts) == (old, ("checkpoint-5",))
    assert found.changed == ["src/b.py", "src/gone.py", "src/new.py"]


def test_what_else_differs_is_named() -> None:
    then: Mapping[str, object] = {"code": OLD, "train": {"lr": 1.0, "lora": 0}, "val": "x"}
    now: Mapping[str, object] = {"code": NEW, "train": {"lr": 2.0, "lora": 0}, "new": 1}
    assert adoption.unequal(then, now) == ["new", "train.lr", "val"]


def test_other_versions_of_libraries_are_other_code_too() -> None:
    begun("sample-1", "s0", code=OLD, made_by={"torch": "1", "vllm": None})
    now = {"code": OLD, "made_by": {"torch": "2", "vllm": None}}
    assert earlier(scratch_path("sample-1", now), now)[0].changed == ["torch 1 -> 2"]


def test_work_of_a_release_that_kept_one_digest_is_found_but_its_files_are_not_known() -> None:
    rows = [{"prompt": "p", "completion": "c"}]
    begun("train-1", "checkpoint-5", code="0a1b", rows=rows)
    now = {"code": NEW, "rows": stable_hash(rows)}
    (found,) = earlier(scratch_path("train-1", now), now)
    assert found.changed is None
    assert in_words(found.changed) == "made by an earlier release, which kept no list of its files"


def test_a_folder_without_inputs_is_never_found() -> None:
    path = begun("train-1", "checkpoint-5", code=OLD)
    (path / ".inputs").unlink()
    assert earlier(scratch_path("train-1", {"code": NEW}), {"code": NEW}) == []


def test_work_that_starts_anew_says_why_and_what_would_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun("train-human", "checkpoint-5", code=OLD, rows="r")
    caplog.set_level(logging.INFO)
    with scratch("train-human", {"code": NEW, "rows": "r"}) as work:
        assert not work.adopted
        assert not list(work.path.glob("checkpoint-*"))
    (line,) = caplog.messages
    assert line == (
        "train@human starts anew, its earlier work is of other code (src/b.py, src/gone.py, "
        "src/new.py changed since). To go on with that: stop, `restem store adopt train@human`, "
        "`dvc repro`"
    )
    caplog.clear()
    begun("train-human", "checkpoint-6", code=NEW, rows="r")
    begun("train-human", "checkpoint-6", code=NEW, rows="other")
    assert not caplog.messages, "it is told once, and other data is other work"


def test_finished_work_of_other_code_stays_until_the_new_work_is_finished(tmp_path: Path) -> None:
    with scratch("train-1", {"code": OLD, "rows": "r"}) as work:
        (work.path / "checkpoint-5").mkdir()
    old = work.path
    assert (old / FINISHED).exists()
    begun("train-1", "checkpoint-1", code=NEW, rows="r")
    assert old.exists()
    with scratch("train-1", {"code": NEW, "rows": "r"}):
        assert old.exists()
    assert not old.exists()


def test_inputs_are_a_readable_file() -> None:
    path = begun("train-1", "checkpoint-5", code=OLD, rows="r")
    text = (path / ".inputs").read_text()
    assert json.loads(text) == {"code": OLD, "rows": "r"}
    assert '  "src/a.py": "1",\n' in text


def test_a_checkpoint_that_a_kill_has_cut_is_none() -> None:
    path = begun("train-1", "checkpoint-5", code=OLD)
    (path / "checkpoint-11").mkdir()
    assert adoption.parts(path) == ("checkpoint-5",)


def test_another_reward_is_more_than_other_code() -> None:
    then = {"code": OLD, "grader": "math-4"}
    now = {"code": NEW, "grader": "math-4", "reward": "mine"}
    assert adoption.unequal({**then, "reward": "math"}, now) == ["reward"]
    assert adoption.unequal(then, now) == ["reward"]
    assert adoption.unequal({**then, "code": "one digest"}, now) == [], "it is not known"
