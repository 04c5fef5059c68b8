"""Caching is a promise: what a change runs again, counted."""

import json
import sys
from pathlib import Path

import pytest
from pipeline import OUTPUTS, Ran, Repo, copy

pytestmark = pytest.mark.slow
E_STEP = {"sample@1", "score@1", "filter@1", "train@1", "eval@1"}
END = {"report", "track"}  # not cached
LOOP = "12345"
READ_VERDICTS = {"prepare", "baseline", "human", "human-eval", "audit",
                 *(f"{stage}@{k}" for stage in ("score", "train", "eval")
                   for k in LOOP)}  # fmt: skip
DRAW = {"baseline", "human", "human-eval",
        *(f"{stage}@{k}" for stage in ("sample", "train", "eval")
          for k in LOOP)}  # fmt: skip
AFTER = {"audit", *END}
CHECK = {"inputs"}  # whenever a parameter has changed


def test_what_each_change_runs_again(finished: Repo) -> None:
    repo = finished
    before = repo.bytes(*OUTPUTS)

    ran = repo.dvc("repro")
    assert not ran.stages, "a second repro runs nothing"
    assert "up to date" in ran.output

    repo.set("temperature=0.9")
    assert repo.dvc("repro").active == CHECK | E_STEP | AFTER
    repo.set("temperature=0.7")
    ran = repo.dvc("repro")
    assert ran.active == CHECK | END, "going back restores from the run cache"
    assert {"sample@1", "train@1", "eval@1", "audit"} <= set(ran.cached)
    assert repo.bytes(*OUTPUTS) == before

    repo.set("cap=1")
    assert repo.dvc("repro").active == CHECK | E_STEP - {"sample@1", "score@1"} | AFTER
    repo.set("cap=10")
    assert repo.dvc("repro").active == CHECK | END

    repo.set("score.cluster=ray", "machine.kv_cache_gb=2")
    assert repo.dvc("repro").active == CHECK | END, "where work is done changes no result"


def would_run(repo: Repo) -> set[str]:
    """Stages whose code or data changed, once the digests are written anew."""
    repo.restem("code")
    return set(json.loads(repo.run("dvc", "status", "--json"))) - {"code"}


def test_documenting_code_runs_only_the_digest_stage(finished: Repo) -> None:
    repo = finished
    for file in repo.path.glob("src/**/*.py"):
        file.write_text(f'# Read this first.\n{file.read_text()}\n\n\n"""The end."""\n')
    ran = repo.dvc("repro")
    assert ran.stages == ["code"]


def test_changed_code_runs_again_what_runs_it(finished: Repo) -> None:
    repo, src = finished, finished.path / "src/restem"

    def after(change: str, *files: str) -> set[str]:
        before = {file: (src / file).read_text() for file in files}
        for file, text in before.items():
            (src / file).write_text(f"{text}\n{change}\n")
        found = would_run(repo)
        for file, text in before.items():
            (src / file).write_text(text)
        return found

    for new in ("rewards/orm.py", "sampling/mine.py", "rewards/notes.txt"):
        (src / new).write_text("x = 1\n")
    idle = ("sampling/vllm.py", "sampling/ray.py", "tasks/gsm8k.py", "commands/grade.py",
            "core/errors.py", "core/progress.py")  # fmt: skip
    assert after("x = 1", *idle) == set(), "this experiment runs none of these"
    assert after("x = 1", "rewards/math.py") == READ_VERDICTS
    assert after("x = 1", "sampling/decode.py") == DRAW
    trains = {"human", *(f"train@{k}" for k in LOOP)}
    assert after("x = 1", "training/loop.py", "stages/track.py") == trains | {"track"}
    repo.set("engine=vllm")
    assert not would_run(repo) & {"prepare", "base", "score@1", "human", "train@1", "audit"}


def test_a_changed_grader_judges_again_and_draws_nothing(finished: Repo) -> None:
    repo = finished
    with (repo.path / "src/restem/rewards/math.py").open("a") as grader:
        grader.write("x = 1\n")
    ran = repo.dvc("repro", "filter@1", "base")
    assert ran.active == {"code", "prepare", "score@1"}, "the same verdicts end it there"


IMPORTED = """
import sys
from restem.__main__ import main
assert main(sys.argv[1:]) == 0
print(*(m.__file__ for n, m in sys.modules.items() if n.startswith("restem") and m.__file__))
"""


@pytest.mark.parametrize("words", ["prepare", "sample 1", "score 1", "train 1", "report", "audit"])
def test_what_a_stage_imports_stands_in_its_digest(shared: Repo, words: str) -> None:
    from restem.core.identity import OUTSIDE

    root = (shared.path / "src/restem").resolve()
    output = shared.run(sys.executable, "-c", IMPORTED, *words.split(), PYTHONPATH="src")
    files = {Path(word) for word in output.splitlines()[-1].split()}
    stage = words.split()[0]
    named = (shared.path / f"data/code/{stage}.txt").read_text()
    missing = {
        name
        for file in files
        if (name := file.resolve().relative_to(root).as_posix()) not in OUTSIDE
        and f"src/restem/{name} " not in named
        and file.name != "__init__.py"
    }
    # The command line, and what only files import that shape no result (`scratch`, `live`).
    assert missing <= {
        "__main__.py", "core/adoption.py", "core/earlier.py", "core/judging.py",
        "core/processes.py", "stages/idle.py", "stages/mlflow_store.py",
    }  # fmt: skip


def test_more_iterations_reuse_the_earlier_ones(
    experiments: tuple[Repo, dict[str, Ran]], tmp_path: Path
) -> None:
    repo, ran = copy(experiments[0], tmp_path / "repo"), experiments[1]["two"]
    two = {"sample@2", "score@2", "filter@2", "train@2", "eval@2"}
    assert ran.active == {"plan"} | CHECK | two | AFTER
    assert "WARNING" not in ran.output
    assert (repo.path / "models/2/model.safetensors").exists()
    repo.set("iters=1")
    ran = repo.dvc("repro")
    assert not ran.active - {"plan"} - CHECK - AFTER - two
    assert (repo.path / "models/2/idle").exists()
    repo.set("iters=2")
    ran = repo.dvc("repro")
    assert not ran.active & two, "going up again restores from the run cache"
    assert (repo.path / "models/2/model.safetensors").exists()


def test_what_cannot_work_stops_before_an_output_is_deleted(finished: Repo) -> None:
    repo = finished
    before = repo.bytes(*OUTPUTS)
    params = repo.path / "params.yaml"
    good = params.read_text()
    for line, bad, message in (
        ("iters: 1 ", "iters: 9 ", "iters must be <= 5, got 9"),
        ("cap: 10 ", "cap: 0 ", "cap must be >= 1, got 0"),
        ("model: tiny ", "model: typo ", "there is no folder typo"),
        ("task: math_world ", "task: gsm8k ", "train.jsonl (or .jsonl.gz) is missing"),
    ):
        assert line in good
        params.write_text(good.replace(line, bad))
        output = repo.run("dvc", "repro", code=255)
        said = next(row for row in output.splitlines() if row.startswith("restem inputs"))
        assert message in said
        assert repo.bytes(*OUTPUTS) == before
    params.write_text(good)
    ran = repo.dvc("repro")
    assert set(ran.stages) <= {"inputs"}
    assert repo.bytes(*OUTPUTS) == before


def test_outputs_deleted_before_a_stage_failed_can_come_back(finished: Repo) -> None:
    repo = finished
    before = repo.bytes("data/problems/*")
    repo.set("data.max_overlap.digits=0")
    output = repo.run("dvc", "repro", code=255)
    assert "data.max_overlap.digits allows 0.00%" in output
    assert "The earlier data/problems can come back: `dvc checkout prepare`." in output
    assert not repo.bytes("data/problems/*")
    repo.dvc("checkout", "prepare")
    assert repo.bytes("data/problems/*") == before
