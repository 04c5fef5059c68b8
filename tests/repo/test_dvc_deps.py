"""A stage of dvc.yaml depends on its data and on the digest of its code, which names all of it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from restem.__main__ import STAGES
from restem.core.identity import OUTSIDE, PARAMS, Code, stage_code
from restem.core.params import flatten, load


def stages(repo: Path) -> dict[str, dict[str, Any]]:
    """Bodies of dvc.yaml's stages, each with the stage of `python -m restem` in `module`."""
    found = yaml.safe_load((repo / "dvc.yaml").read_text())["stages"]
    bodies = {name: body.get("do", body) for name, body in found.items()}
    return {name: {**body, "module": body["cmd"].split()[1]} for name, body in bodies.items()}


def test_every_stage_depends_on_the_digest_of_its_code_and_on_no_source(repo: Path) -> None:
    found = stages(repo)
    code, inputs = found.pop("code"), found.pop("inputs")
    assert "deps" not in inputs, "it comes before all others, and makes nothing"
    assert set(code["deps"]) == {"src/restem", "${data.path}", "data/inputs"}
    assert set(code["params"]) == set(PARAMS), "what decides which code runs"
    for name, body in found.items():
        digests = [dep for dep in body["deps"] if dep.startswith("data/code/")]
        own = [] if name != "prepare" else ["data/code/data.txt"]
        assert digests == [*own, f"data/code/{body['module']}.txt"], name
        assert not [dep for dep in body["deps"] if dep.startswith("src/")], name


def test_every_stage_gets_a_digest(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from restem.stages import code

    params = load(repo / "params.yaml")
    monkeypatch.chdir(tmp_path)
    code.run(params, None)
    written = {path.stem for path in (tmp_path / "data/code").iterdir()}
    assert written == STAGES.keys() - {"code"} | {"data"}
    lines = (tmp_path / "data/code/filter.txt").read_text().splitlines()
    assert lines == sorted(lines)
    assert lines == [f"{file} {digest}" for file, digest in stage_code("filter", params).items()]


@pytest.mark.parametrize(
    ("stage", "values", "runs", "runs_not"),
    [
        ("base", {}, {"worlds/pretrain.py", "core/seeds.py"}, {"core/errors.py"}),
        ("prepare", {"task": "gsm8k"}, {"tasks/gsm8k.py", "tasks/prompts/gsm8k.txt"},
         {"tasks/apps.py", "tasks/svamp.py", "rewards/code.py"}),
        ("sample", {}, {"sampling/hf.py", "sampling/decode.py"},
         {"sampling/vllm.py", "sampling/ray.py", "rewards/math.py", "rewards/cluster.py"}),
        ("sample", {"sample.stop_after_correct": 3}, {"rewards/math.py", "rewards/exact.py"},
         {"rewards/code.py"}),
        ("sample", {"engine": "ray", "sample.ray_engine": "vllm"},
         {"sampling/ray.py", "sampling/vllm.py", "sampling/vllm_loading.py"}, set()),
        ("score", {}, {"rewards/math.py", "rewards/algebra.py", "rewards/cluster.py"},
         {"rewards/code.py", "rewards/strict.py", "sampling/hf.py"}),
        ("score", {"task": "code"},
         {"rewards/code.py", "rewards/sandbox/boot.py", "rewards/sandbox/zygote.py",
          "rewards/programs/library.py"}, {"rewards/math.py"}),
        ("train", {"engine": "vllm"},
         {"training/leg.py", "training/launch.py", "training/on_ray.py", "sampling/hf.py",
          "rewards/math.py"}, {"sampling/vllm.py", "stages/mlflow_store.py"}),
        ("eval", {"engine": "replay"}, {"sampling/hf.py"}, {"sampling/replay.py"}),
        ("audit", {}, {"rewards/math.py", "rewards/strict.py"}, {"sampling/hf.py"}),
        ("report", {}, {"evaluation/page.py"}, {"rewards/math.py"}),
        ("track", {}, {"stages/mlflow_store.py"}, {"evaluation/page.py"}),
    ],
)  # fmt: skip
def test_the_code_of_a_stage_is_what_it_imports_somewhere_and_what_params_plug_in(
    repo: Path, stage: str, values: dict[str, object], runs: set[str], runs_not: set[str]
) -> None:
    found = Code().of_stage(stage, {**flatten(load(repo / "params.yaml")), **values})
    names = {name.removeprefix("src/restem/") for name in found}
    assert f"stages/{stage}.py" in names
    assert runs <= names
    assert not names & runs_not
    assert not names & OUTSIDE


LOADERS = {"__main__.py", "core/plugins.py", "core/cluster.py", "rewards/sandbox/zygote.py",
           "rewards/programs/library.py", "rewards/programs/checker.py"}  # fmt: skip
"""They import by a name that the code identity cannot read: stages and commands, plug-ins (it
reads the call of `plugins`), what a Spec names (it reads the text), the standard library."""


def test_modules_are_loaded_by_name_only_where_the_code_identity_can_tell(repo: Path) -> None:
    found, root = set(), repo / "src/restem"
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
                "import_module", "__import__",
            ):  # fmt: skip
                found.add(file.relative_to(root).as_posix())
            assert not (
                isinstance(node, ast.ImportFrom)
                and node.module == "restem.core.plugins"
                and {alias.name for alias in node.names} & {"load", "open_reward"}
            ), f"{file}: write plugins.load(...)"
    assert found == LOADERS


def test_what_shapes_no_result_exists(repo: Path) -> None:
    assert not [name for name in OUTSIDE if not (repo / "src/restem" / name).is_file()]
