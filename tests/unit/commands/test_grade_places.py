"""Where grading runs and verdicts go: limits without a checkout, files whole or not at all."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from grading import asked, boxed, told

from restem.commands import grade, grade_limits
from restem.core.errors import ParamsError, ResumeError

REPO = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """params.yaml and nothing else; the working directory."""
    (tmp_path / "params.yaml").write_bytes((REPO / "tests/params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_outside_a_checkout_the_default_limits_hold(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", grade_limits.log.name)
    ours = grade_limits.load()
    assert not caplog.records
    Path("params.yaml").write_text("score: 3\n")  # of another project
    assert grade_limits.load() == ours == grade_limits.load(Path("nowhere.yaml"))
    Path("params.yaml").unlink()
    assert len(told(json.dumps(boxed("5", "5")))) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"limits: the defaults, as there is no {name} of restem here"
        for name in ("params.yaml", "nowhere.yaml", "params.yaml")
    ]


def test_limits_are_those_of_params_yaml_and_a_mistake_in_it_is_refused() -> None:
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("  cpu_s: 10.0", "  cpu_s: 3.0"))
    assert grade_limits.load().score == replace(grade_limits.defaults().score, cpu_s=3.0)
    Path("params.yaml").write_text(text.replace("\nscore:", "\nscor:"))
    with pytest.raises(ParamsError, match="Did you mean score"):
        told(json.dumps(boxed("5", "5")))


def test_what_killed_processes_left_is_removed_and_what_a_living_one_writes_is_not() -> None:
    dead = [Path(f".out.jsonl.{name}.partial") for name in ("4711", "00c0ffee")]
    others = [Path(".out.jsonl.notes.partial"), Path(".in.jsonl.4711.partial")]
    for path in (*dead, *others):
        path.write_text("half")
    with grade._whole_file(Path("out.jsonl")) as file:
        told(json.dumps(boxed("5", "5")))
        assert Path("out.jsonl").is_file()
        assert not any(path.exists() for path in dead)
        assert all(path.exists() for path in others)
        file.write("later")
    assert Path("out.jsonl").read_text() == "later"


def test_a_killed_run_costs_nothing_and_the_next_one_tidies_up(tmp_path: Path) -> None:
    Path("in.jsonl").write_text(json.dumps(boxed("5", "5")))
    code = (
        "import os; from restem.__main__ import main; from restem.commands import grade\n"
        "grade._judged = lambda *_: os.kill(os.getpid(), 9)\n"
        "main(['grade', 'in.jsonl', '--out', 'out.jsonl'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(".out.jsonl.*.partial"))) == 1
    told(json.dumps(boxed("5", "5")))
    assert sorted(p.name for p in Path().iterdir()) == ["in.jsonl", "out.jsonl", "params.yaml"]


def test_a_full_disk_costs_one_line_and_no_old_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on the size of files stands in for the disk."""
    Path("out.jsonl").write_text("old")
    Path("in.jsonl").write_text("\n".join(json.dumps(boxed("5", "5", i)) for i in range(9)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        with pytest.raises(ResumeError, match=r"cannot write out\.jsonl: .* free some space"):
            list(grade.run(asked(Path("in.jsonl"), "out.jsonl")))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert Path("out.jsonl").read_text() == "old"
    assert sorted(p.name for p in Path().iterdir()) == ["in.jsonl", "out.jsonl", "params.yaml"]


@pytest.mark.parametrize("out", ["in.jsonl", ".", "/dev/null", "in.jsonl/out.jsonl"])
def test_a_place_that_cannot_take_the_verdicts_is_refused(out: str) -> None:
    with pytest.raises(ParamsError, match="--out"):
        told(json.dumps(boxed("5", "5")), out)
    assert json.loads(Path("in.jsonl").read_text())["gold"] == "5"


def test_a_stopped_run_leaves_the_old_file_and_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grade, "ROWS_PER_PART", 1)
    Path("out.jsonl").write_text("old")
    judge = grade.Judges.verdicts
    rows = "\n".join(json.dumps(boxed("5", "5", i)) for i in range(3))

    def stopped(judges: grade.Judges, kind: str, rows: list[grade.Row]) -> list[grade.Verdict]:
        if rows and rows[0].key == "2":
            raise KeyboardInterrupt
        return judge(judges, kind, rows)

    monkeypatch.setattr(grade.Judges, "verdicts", stopped)
    with pytest.raises(KeyboardInterrupt):
        told(rows)
    assert Path("out.jsonl").read_text() == "old"
    assert sorted(p.name for p in Path().iterdir()) == ["in.jsonl", "out.jsonl", "params.yaml"]


def test_out_may_be_the_terminal_and_a_folder_that_is_not_there() -> None:
    lines = told(json.dumps(boxed("5", "5")), "-")
    assert [json.loads(line)["outcome"] for line in lines] == ["correct"]
    told(json.dumps(boxed("5", "5")), "new/folder/out.jsonl")
    assert Path("new/folder/out.jsonl").is_file()
