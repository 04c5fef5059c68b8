"""`restem store adopt`: what it takes over, what it says, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from restem.__main__ import main
from restem.core import layout, plugins, storage
from restem.core.adoption import ADOPTED, INPUTS, parts
from restem.core.params import load
from restem.core.records import Completion, Problem, TrainRow
from restem.core.scratch import locked, scratch, scratch_root
from restem.rewards.work import inputs as scoring_inputs
from restem.sampling.contract import contract
from restem.sampling.drawing import open_drawing, store_key
from restem.sampling.shards import chunk_shards
from restem.training.work import asked, inputs

REPO = Path(__file__).parents[3]
DECODE = "src/restem/sampling/decode.py"
PROBLEMS = [
    Problem(f"p{k}", "t", "train", "s", 1, "?", "?", (), '{"answer": "1"}', "1") for k in range(3)
]


@pytest.fixture(autouse=True)
def _checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Params, a policy 0, problems and rows to train on; an empty store."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "params.yaml").write_bytes((REPO / "tests/params.yaml").read_bytes())
    (tmp_path / "presets").symlink_to(REPO / "presets")
    (tmp_path / "models/0").mkdir(parents=True)
    (tmp_path / "models/0/weights").write_text("0")
    for split in ("train", "val"):
        storage.write_problems(layout.problems(split), PROBLEMS)
    rows = [asdict(TrainRow("p", "c", 1.0, "p0", "s0"))]
    storage.write_rows("train", layout.train_rows("1"), rows)


def other_code(now: dict[str, Any]) -> dict[str, Any]:
    """The inputs when one file was other."""
    return {**now, "code": {**now["code"], DECODE: "0" * 16}}


def drawn(*numbers: int, by: dict[str, Any] | None = None) -> Path:
    """Shards of the problems p0, p1, p2, one each, drawn by today's code or another."""
    params = load()
    key = store_key(params, contract(params, "1"))
    with scratch("sample-1", by or key, keep=True) as work:
        pass
    with open_drawing(params, "1") as drawing:
        for number in numbers:
            (shard,) = chunk_shards([PROBLEMS[number]], 0, 8, 16)
            drawing.store.add(shard, [[Completion("a", 1, "stop", -1.0)] * 8])
        if by:
            for part in parts(drawing.store.path):
                (drawing.store.path / part).rename(work.path / part)
    return work.path


def trained(step: int, by: dict[str, Any]) -> Path:
    """An unfinished training with a checkpoint."""
    with scratch("train-1", by, keep=True, shared=True) as work:
        checkpoint = work.path / f"checkpoint-{step}"
        checkpoint.mkdir(parents=True)
        (checkpoint / "weights").write_text(str(step))
        (checkpoint / "complete.json").touch()
    return work.path


def sample_key() -> dict[str, Any]:
    params = load()
    return store_key(params, contract(params, "1"))


def train_key() -> dict[str, Any]:
    params = load()
    return inputs(params, asked(params, "1"))


def adopt(capsys: pytest.CaptureFixture[str], *stages: str, code: int = 0) -> list[str]:
    capsys.readouterr()
    assert main(["store", "adopt", *stages]) == code
    told = capsys.readouterr()
    return (told.err if code else told.out).splitlines()


def test_shards_join_those_of_todays_code_and_are_told_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    earlier = drawn(0, 1, by=other_code(sample_key()))
    mine = drawn(1, 2)
    own = {part: (mine / part).stat().st_ino for part in parts(mine)}
    lines = adopt(capsys, "sample@1")
    assert lines == [
        f"sample@1: {parts(earlier)[0] if parts(earlier)[0] not in own else parts(earlier)[1]} "
        "adopted, 1 changed since:", f"  {DECODE}",
        "`dvc repro` goes on with it; its output, the report and MLflow will tell.",
    ]  # fmt: skip
    assert len(parts(mine)) == 3
    assert {part: (mine / part).stat().st_ino for part in own} == own, "today's stay"
    assert len(parts(earlier)) == 2, "the earlier folder is as it was"
    with open_drawing(load(), "1") as drawing:
        rounds = [([problem], 0) for problem in PROBLEMS]
        told = drawing.store.adopted(rounds, 8, 16)
        assert drawing.store.adopted(rounds[1:], 8, 16) == [], "of other shards nothing is told"
    assert told == [{"what": "1 of 3 shards", "changed": [DECODE]}]
    assert adopt(capsys, "sample@1", code=1) == [
        "restem store: sample@1: what earlier code made is there already"
    ]


def test_checkpoints_take_the_place_of_what_is_not_as_far(
    capsys: pytest.CaptureFixture[str],
) -> None:
    earlier, mine = trained(40, other_code(train_key())), trained(5, train_key())
    assert adopt(capsys, "train@1")[0] == "train@1: checkpoint-40 adopted, 1 changed since:"
    assert parts(mine) == ("checkpoint-40",)
    assert (mine / "checkpoint-40/weights").read_text() == "40"
    assert parts(earlier) == ("checkpoint-40",)
    assert json.loads((mine / INPUTS).read_text()) == json.loads(json.dumps(train_key()))
    with scratch("train-1", train_key(), keep=True) as work:
        (told,) = work.adopted
        assert told.told("it") == {"what": "it", "changed": [DECODE]}


def test_what_was_adopted_twice_keeps_the_code_that_made_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = train_key()
    between = {**now, "code": {**now["code"], "src/restem/training/fit.py": "1" * 16}}
    old = {**other_code(now), "code": {**other_code(now)["code"], "src/restem/gone.py": "2" * 16}}
    path = trained(40, between)
    entry = {"code": old["code"], "parts": ["checkpoint-40"]}
    (path / ADOPTED).write_text(json.dumps([entry]))
    adopt(capsys, "train@1")
    with scratch("train-1", now, keep=True) as work:
        (told,) = work.adopted
        assert told.changed == ["src/restem/gone.py", DECODE]


@pytest.mark.parametrize(
    ("step", "refusal"),
    [
        (40, "today's code has come to update 40 itself, earlier code to 40; not adopted"),
        (50, "today's code has come to update 50 itself, earlier code to 40; not adopted"),
    ],
)
def test_todays_work_is_not_thrown_away_for_less(
    step: int, refusal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(40, other_code(train_key()))
    mine = trained(step, train_key())
    assert adopt(capsys, "train@1", code=1) == [f"restem store: train@1: {refusal}"]
    assert parts(mine) == (f"checkpoint-{step}",)


def test_samples_of_earlier_code_are_listed_as_such_and_kept_for_a_week(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = drawn(0, by=other_code(sample_key()))
    drawn(1)
    assert main(["store", "ls", "--json"]) == 0
    states = {f["folder"]: f["state"] for f in json.loads(capsys.readouterr().out)["folders"]}
    assert states.pop(path.name) == "earlier"
    assert list(states.values()) == ["current"]
    assert main(["store", "gc"]) == 0
    assert path.exists()
    assert main(["store", "gc", "--older-than", "0"]) == 0
    assert not path.exists()


def test_other_inputs_than_the_code_are_refused_by_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trained(40, other_code(train_key()))
    assert main(["configure", "train.lr=0.1", "seed=9"]) == 0
    assert adopt(capsys, "train@1", code=1) == [
        "restem store: train@1: the work there is depends on other inputs, not only other code "
        "(seed, train.lr differ); not adopted"
    ]
    assert not (scratch_root() / "train-1-new").exists()


def test_what_a_process_is_at_is_not_adopted(capsys: pytest.CaptureFixture[str]) -> None:
    earlier = trained(40, other_code(train_key()))
    with locked(earlier):
        (line,) = adopt(capsys, "train@1", code=1)
    assert line.startswith(f"restem store: a process is at .dvc/tmp/restem/{earlier.name} (")
    assert len([path for path in scratch_root().iterdir() if path.name != "locks"]) == 1


def test_the_store_of_a_release_that_kept_one_digest_is_adopted_by_one_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    drawn(0, by={**sample_key(), "code": "5f" * 32})
    rows = [asdict(row) for row in asked(load(), "1").rows]
    trained(40, {**train_key(), "code": "6f" * 32, "rows": rows})
    lines = adopt(capsys, "all")
    unknown = "adopted, made by an earlier release, which kept no list of its files"
    assert [line.partition(" ")[0] for line in lines if line.endswith(unknown)] == [
        "sample@1:", "train@1:",
    ]  # fmt: skip
    assert lines[-1] == "2 stages adopted"


def test_verdicts_are_adopted_unless_their_samples_will_be_written_anew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    params = load()
    storage.write_rows("samples", layout.samples("1"), [])
    with plugins.open_reward("math", params.score, params.machine) as reward:
        now = scoring_inputs(params, "1", reward.grader)
    with scratch("score-1", other_code(now), keep=True, shared=True) as work:
        for part in ("000000000", "000002048-faults"):
            work.write(part, b"verdicts")
    drawn(0, by=other_code(sample_key()))
    assert "not adopted: score@1 will judge anew what sample@1 writes with its mark" in adopt(
        capsys, "all"
    )
    assert adopt(capsys, "score@1")[0] == "score@1: 000000000 adopted, 1 changed since:"
    with scratch("score-1", now) as work:
        assert work.read("000000000") == b"verdicts"
        assert not work.done("000002048-faults"), "what the verifier failed at is tried again"


@pytest.mark.parametrize(
    ("stage", "code", "line"),
    [
        ("train@1", 1, "there is no work of train@1 in the store; `restem store ls` lists it"),
        ("base", 2, "adopt: no stage 'base' keeps work that can be adopted. There is sample@1, "
         "score@1, train@1, ..., train@human, and all."),
    ],
)  # fmt: skip
def test_a_stage_without_such_work_is_refused(
    stage: str, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert adopt(capsys, stage, code=code) == [f"restem store: {line}"]


def test_a_run_without_earlier_work_leaves_no_mark_in_its_output(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    rows = [asdict(TrainRow("p", "c", 1.0, "p0", "s0"))]
    storage.write_rows("train", path, rows, [])
    plain = path.read_bytes()
    assert plain == layout.train_rows("1").read_bytes()
    assert storage.read_about(path) is None
    storage.write_rows("train", path, rows, [{"what": "1 of 1 shards", "changed": ["a.py"]}])
    assert storage.read_about(path) == [{"what": "1 of 1 shards", "changed": ["a.py"]}]
    assert storage.read_rows("train", path) == rows
