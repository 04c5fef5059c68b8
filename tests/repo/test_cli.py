"""The command line from outside: help, exit codes, one line for an error."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from restem.__main__ import COMMANDS, STAGES
from restem.core import layout, storage
from restem.stages import idle

REPO = Path(__file__).parents[2]
HEAVY = ("torch", "transformers", "datasets", "mlflow", "sympy", "matplotlib")


def restem(*words: str, cwd: Path = REPO) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "restem", *words], cwd=cwd, env=_environment(), capture_output=True,
        text=True, check=False,
    )  # fmt: skip


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPO / "src")}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """params.yaml and presets/; the working directory."""
    (tmp_path / "params.yaml").write_bytes((REPO / "tests/params.yaml").read_bytes())
    (tmp_path / "presets").symlink_to(REPO / "presets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scored_row(text: str, outcome: str) -> dict[str, object]:
    return {"problem_id": "p", "sample_index": 0, "text": text, "num_tokens": 3,
            "finish_reason": "stop", "logprob": None, "sample_id": "s", "answer": "7",
            "reward": float(outcome == "correct"), "outcome": outcome, "detail": "exact",
            "grader": "math-1"}  # fmt: skip


def test_help_teaches_and_is_fast() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = restem("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert (
        done.stdout.index("examples") < done.stdout.index("usage") < done.stdout.index("exit codes")
    )
    assert all(f"\n  {name} " in done.stdout for name in (*STAGES, *COMMANDS))
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0


@pytest.mark.parametrize(
    "words", [["--help"], ["plan"], ["filter", "1"], ["peek", "1"], ["configure", "cap=4"]]
)
def test_cheap_commands_import_no_heavy_library(workspace: Path, words: list[str]) -> None:
    storage.write_problems(layout.problems("train"), [])
    storage.write_json(layout.plan("1"), {"iteration": 1, "active": True})
    storage.write_rows("scored", layout.scored("1"), [scored_row("x", "wrong")])
    code = (
        "import sys; from restem.__main__ import main; main(sys.argv[1:]); "
        f"print('loaded:', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=_environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_the_version_is_told() -> None:
    assert restem("--version").stdout == "restem 0.1.0\n"


@pytest.mark.parametrize("words", [[name, "--help"] for name in (*STAGES, *COMMANDS)])
def test_every_stage_and_command_explains_itself(words: list[str]) -> None:
    from restem.__main__ import main

    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        ([], 2, None),
        (["smaple", "1"], 2, "restem: unknown stage or command 'smaple'. Did you mean sample?"),
        (["--verbos"], 2, "restem: unknown option --verbos. `python -m restem --help` lists them."),
        (["sample"], 2, "restem sample: needs an iteration out of 1, 2, 3, 4, 5, got none. "
                        "Example: `python -m restem sample 1`."),
        (["sample", "6"], 2, "restem sample 6: needs an iteration out of 1, 2, 3, 4, 5, got '6'. "
                             "Example: `python -m restem sample 1`."),
        (["plan", "1"], 2, "restem plan 1: unrecognized arguments: 1. "
                           "`python -m restem plan --help` says more."),
        (["peek", "no.parquet"], 1, "restem peek: cannot read no.parquet: No such file or "
                                    "directory. `dvc repro` makes it, `dvc pull` fetches it."),
    ],
)  # fmt: skip
def test_a_mistake_costs_one_line(
    workspace: Path, words: list[str], code: int, line: str | None
) -> None:
    done = restem(*words, cwd=workspace)
    assert done.returncode == code
    assert line is None or done.stderr == f"{line}\n"
    assert done.stdout == ""


@pytest.mark.parametrize(
    "words",
    ["plan", "sample 1", "configure", "configure cap=3", "peek 1", "plan-cost", "draw 1",
     "regrade 1", "store ls"],
)  # fmt: skip
def test_outside_a_checkout_one_line_says_where_to_run(tmp_path: Path, words: str) -> None:
    done = restem(*words.split(), cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert f"{tmp_path} is no checkout of restem. Run from the repository root" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_in_a_checkout_a_missing_params_yaml_can_be_brought_back(workspace: Path) -> None:
    (workspace / "params.yaml").unlink()
    (workspace / "dvc.yaml").touch()
    for words in ("plan", "configure cap=3"):
        said = "params.yaml is missing. `git checkout params.yaml` brings it back.\n"
        assert restem(*words.split(), cwd=workspace).stderr == f"restem {words.split()[0]}: {said}"


@pytest.mark.slow
def test_the_installed_package_grades_without_a_checkout(tmp_path: Path) -> None:
    for name in ("src", "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (REPO / name).is_dir() else shutil.copy
        copy(REPO / name, tmp_path / name)
    pip = ("pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation", "-w", "wheel")
    subprocess.run([sys.executable, "-m", *pip, "."], cwd=tmp_path, check=True)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "in.jsonl").write_text(
        '{"id": 1, "text": "5", "gold": "5"}\n'
        '{"id": 2, "text": "print(input())", "tests": {"inputs": ["a"], "outputs": ["a"]}}\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", "import restem.__main__ as m; print(m.__file__); m.main()", "grade",
         "in.jsonl", "--out", "-"], cwd=empty, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
    )  # fmt: skip
    where, *rows = done.stdout.splitlines()
    assert where.startswith(str(tmp_path / "installed"))
    assert ['"outcome": "correct"' in row for row in rows] == [True, True], done.stderr


def test_a_traceback_is_shown_only_when_asked_for(workspace: Path) -> None:
    (workspace / "cut.parquet").write_bytes(b"PAR1 and no more")
    quiet, verbose = restem("peek", "cut.parquet"), restem("-v", "peek", "cut.parquet")
    assert quiet.stderr.count("\n") == 1
    assert "Traceback" in verbose.stderr
    assert verbose.stderr.splitlines()[-1] == quiet.stderr.strip()


def test_a_missing_plan_says_what_to_do(workspace: Path) -> None:
    done = restem("sample", "1", cwd=workspace)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "data/plan/1.json" in done.stderr


@pytest.mark.parametrize("stage", list(idle.OUTPUTS))
def test_an_idle_iteration_marks_each_output(workspace: Path, stage: str) -> None:
    storage.write_json(layout.plan("4"), {"iteration": 4, "active": False})
    done = restem(stage, "4", cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "iteration 4 is idle (params.yaml: iters is 2)\n"
    for output in idle.OUTPUTS[stage]:
        path = output("4")
        assert (path if path.suffix else path / "idle").read_text() == "idle\n"
    assert restem("-q", stage, "4", cwd=workspace).stderr == ""


@pytest.mark.parametrize(
    ("words", "stuck", "message"),
    [
        (
            ["filter", "1"],
            "data/problems/train.parquet",
            "stopped; finished parts are kept, run `dvc repro` to go on\n",
        ),
        (["peek", "stuck.parquet"], "stuck.parquet", "stopped\n"),
    ],
)
def test_ctrl_c_says_how_to_go_on(
    workspace: Path, words: list[str], stuck: str, message: str
) -> None:
    """Stopped while it reads from a pipe that nobody writes to."""
    for folder in ("data/plan", "data/problems"):
        Path(folder).mkdir(parents=True)
    Path("data/plan/1.json").write_text('{"active": true}')
    os.mkfifo(stuck)
    process = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "restem", *words],
        env=_environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        with open(stuck, "wb"):  # returns when the other side has opened it
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert said == message


def test_a_reader_that_leaves_early_is_no_error(workspace: Path) -> None:
    rows = [scored_row("long " * 200, "wrong")] * 2000
    storage.write_rows("scored", layout.scored("1"), rows)
    command = f"{sys.executable} -m restem peek 1 --limit 0 | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], env=_environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


@pytest.mark.parametrize("words", ["--help", "peek 1"])
def test_output_that_finds_no_room_is_one_line(workspace: Path, words: str) -> None:
    storage.write_rows("scored", layout.scored("1"), [scored_row("long", "wrong")])
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m restem {words} >/dev/full"],
        env=_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot write the output: the disk is full" in done.stderr
