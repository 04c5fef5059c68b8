"""The base grows up in the world of the problems it finds, and its card says which."""

from dataclasses import replace
from pathlib import Path

import pytest
from settings import data
from transformers import AutoTokenizer

from restem.core import params
from restem.core.storage import write_problems
from restem.stages import base
from restem.tasks import code, math_world

PARAMS = params.load(Path(__file__).parents[3] / "tests/params.yaml")
FEW = data(train_problems=20, val_problems=20, test_problems=20, transfer_problems=20)


def made(folder: Path, monkeypatch: pytest.MonkeyPatch, world: str) -> Path:
    """models/0 after two updates, in a folder with the task's problems."""
    monkeypatch.chdir(folder)
    task = {"code": code, "math_world": math_world}[world]
    for split, problems in task.problems(FEW).items():
        write_problems(Path(f"data/problems/{split}.parquet"), problems)
    Path("data/problems/quarantine.jsonl").touch()
    base.run(replace(PARAMS, base=replace(PARAMS.base, steps=2, batch_tokens=256)), None)
    return Path("models/0")


@pytest.mark.parametrize(
    ("world", "about", "word", "foreign"),
    [
        ("code", "short programs", "a=[x for x in a if ", "\\boxed{"),
        ("math_world", "short arithmetic", "\\boxed{", "a=[x for x in a if "),
    ],
)
def test_base_is_of_the_world_of_its_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: str, about: str, word: str, foreign: str
) -> None:
    model = made(tmp_path, monkeypatch, world)
    assert f"embedded world: {about}, written by authors" in (model / "README.md").read_text()
    known = AutoTokenizer.from_pretrained(model).get_vocab()
    assert word in known
    assert foreign not in known


def test_problems_of_no_world_get_the_arithmetic_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other = [replace(p, task="gsm8k") for p in math_world.problems(FEW)["val"]]
    write_problems(Path("data/problems/val.parquet"), other)
    corpus = base._corpus()
    assert corpus.world.about == "short arithmetic"
    assert corpus.banned == {problem.question for problem in other}
