"""Data that git does not track, in experiments that run in a copy of the repository."""

import json
from pathlib import Path

import pytest
import yaml
from pipeline import Repo, fresh
from queueing import run_queue

pytestmark = pytest.mark.slow

LAST = "filter@1"  # data and samples are read by then
SMALL = ("preset=gsm8k-replay", "samples_per_problem=2", "base.steps=2", "eval.max_new_tokens=8",
         "data.train_problems=40", "data.val_problems=4", "data.test_problems=4",
         "eval.train_problems=4", "eval.bootstrap_draws=100")  # fmt: skip


def write_gsm8k(data: Path) -> None:
    """GSM8K's files, 40 + 4 + 4 problems, and two recorded solutions of each of the 40."""
    replay = []
    for name, size in {"train": 40, "val": 4, "test": 4}.items():
        rows = []
        for k in range(size):
            a, b = (k + 3, len(name) * 100 + k)
            question = f"Box {name} {a} holds {b} nails and {a} screws. How many parts are that?"
            answer = f"There are {b} nails and {a} screws: {b} + {a} = {a + b}.\n#### {a + b}"
            rows.append({"question": question, "answer": answer})
            if name == "train":
                texts = (
                    f"{b} + {a} = {a + b}\n#### {a + b}",
                    f"All of them.\n#### {a + b + k % 2}",
                )
                replay += [{"problem_id": f"gsm8k-train-{k:05d}", "text": text} for text in texts]
        _write(data / f"gsm8k/{name}.jsonl", rows)
    _write(data / "replay/1.jsonl", replay)


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def locks(repo: Repo) -> dict[tuple[str, int], str]:
    """dvc.lock of every experiment, by its data.path and cap."""
    found = {}
    for ref in repo.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").split():
        if len(Path(ref).parts) == 5:  # refs/exps/12/3456.../NAME
            params = yaml.safe_load(repo.run("git", "show", f"{ref}:params.yaml"))
            key = (params["data"]["path"], params["cap"])
            found[key] = repo.run("git", "show", f"{ref}:dvc.lock")
    return found


def test_queued_and_temp_runs_find_data_that_git_ignores(tmp_path: Path) -> None:
    repo = fresh(tmp_path / "repo", *SMALL)
    write_gsm8k(repo.path / "data")
    assert repo.run("git", "status", "--porcelain") == "", "git ignores all of it"
    repo.dvc("repro", LAST)
    repo.commit("result")
    elsewhere = tmp_path / "elsewhere"
    (repo.path / "data/gsm8k").rename(elsewhere)
    (repo.path / "data/gsm8k").symlink_to(elsewhere)

    paths = f"data.path=data/gsm8k,{elsewhere}"
    repo.dvc("exp", "run", LAST, "--queue", "-S", paths, "-S", "cap=1,2")
    status = run_queue(repo, jobs=2)
    assert status.count("Success") == 4, status
    temp = repo.dvc("exp", "run", LAST, "--temp", "-S", "cap=3")
    assert temp.stages == ["inputs", LAST], "through the link DVC sees the same data"

    found = locks(repo)
    assert len(found) == 5
    for key in (("data/gsm8k", 3), (str(elsewhere), 1)):
        repo.set(f"data.path={key[0]}", f"cap={key[1]}")
        repo.dvc("repro", LAST)
        assert found[key] == (repo.path / "dvc.lock").read_text(), "the same bytes as here"
