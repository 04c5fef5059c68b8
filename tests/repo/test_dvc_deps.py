"""The `deps` of each stage in dvc.yaml are the code it runs: a stale cache cannot hide a change.

What a stage's module imports, and what the plug-ins import that params.yaml names, must be covered
by its deps; and a dep on code that covers nothing of that would only re-run stages for nothing.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

Imports = Callable[[Path, Path], set[Path]]

# These shape no result: errors, typed values, bars, protocols, paths, look-up, storing bytes.
NAMES = (
    "disk",
    "errors",
    "faults",
    "params",
    "progress",
    "protocols",
    "layout",
    "orphans",
    "plugins",
    "ranges",
    "scratch",
    "cluster",
    "connection",
)
EXEMPT = {"stages/live.py", *(f"core/{name}.py" for name in NAMES)}
PLUGINS = {"task": "tasks", "reward": "rewards", "engine": "sampling"}
AUTO: dict[object, list[object]] = {"auto": ["math", "code"]}


@dataclass(frozen=True)
class Stage:
    name: str
    module: str
    """The stage of `python -m restem STAGE`."""
    deps: tuple[str, ...]
    """Paths under src/, templates filled in."""


def read_stages(root: Path) -> list[Stage]:
    """Every stage of dvc.yaml, of a loop its first round."""
    values = yaml.safe_load((root / "params.yaml").read_text())
    flat = {"key": "1", "item.prev": "0", "restem": "restem"}
    for key, value in values.items():
        inner = value.items() if isinstance(value, dict) else []
        flat |= {key: str(value), **{f"{key}.{name}": str(v) for name, v in inner}}
    stages = []
    for name, body in yaml.safe_load((root / "dvc.yaml").read_text())["stages"].items():
        stage = body.get("do", body)
        fill = [re.sub(r"\$\{([^}]+)\}", lambda m: flat[m[1]], text)
                for text in [stage["cmd"], *stage.get("deps", [])]]  # fmt: skip
        code = tuple(dep for dep in fill[1:] if dep.startswith("src/"))
        stages.append(Stage(name, fill[0].split()[1], code))
    return stages


def closure(file: Path, src: Path, values: dict[str, object], imports_of: Imports) -> set[Path]:
    """The files that running `file` runs: imports of imports, and plug-ins it loads by name."""
    seen: set[Path] = set()
    todo = {file}
    while todo:
        current = todo.pop()
        if str(current.relative_to(src / "restem")) in EXEMPT or current.name == "__init__.py":
            continue
        seen.add(current)
        loaded = re.findall(r'plugins\.(?:load\("|open_)(\w+)', current.read_text())
        named = {(kind, name) for kind in loaded for name in AUTO.get(values[kind], [values[kind]])}
        plugged = {src / "restem" / PLUGINS[kind] / f"{name}.py" for kind, name in named}
        todo |= (imports_of(current, src) | plugged) - seen
    return seen


# `sample` asks the reward only where `plan` has put a hash of the rewards' code into its input.
BY_PLAN = {"sample": "rewards"}
HASHED = ("plan", "src/restem/rewards")


def complaints(root: Path, imports_of: Imports) -> list[str]:
    """Files a stage runs without a dep, and deps that cover nothing it runs."""
    values = yaml.safe_load((root / "params.yaml").read_text())
    src = root / "src"
    found = []
    for stage in read_stages(root):
        if not stage.deps:
            continue
        runs = closure(src / "restem" / "stages" / f"{stage.module}.py", src, values, imports_of)
        if stage.name in BY_PLAN:
            folder = src / "restem" / BY_PLAN[stage.name]
            runs = {file for file in runs if not file.is_relative_to(folder)}
        covered = {dep: {file for file in runs if file.is_relative_to(root / dep)}
                   for dep in stage.deps}  # fmt: skip
        missing = runs - set().union(*covered.values())
        found += [f"{stage.name} lacks {file.relative_to(root)}" for file in sorted(missing)]
        found += [
            f"{stage.name} needs no {dep}"
            for dep, files in covered.items()
            if not files
            and dep != values["data"]["path"]
            and _is_code(root / dep)
            and (stage.name, dep) != HASHED
        ]
    return found


def _is_code(path: Path) -> bool:
    return path.suffix == ".py" or any(path.rglob("*.py"))


def test_scratch_work_depends_on_the_code_dvc_names(repo: Path) -> None:
    stages = yaml.safe_load((repo / "dvc.yaml").read_text())["stages"]
    keys = {name: f"restem.stages.{name}" for name in ("base", "score", "train")}
    for name, module in {**keys, "sample": "restem.sampling.drawing"}.items():
        stage = stages[name]
        deps = stage.get("do", stage)["deps"]
        code = {f"src/restem/{path}" for path in importlib.import_module(module).CODE}
        assert code | {f"src/restem/stages/{name}.py"} == {d for d in deps if d.startswith("src/")}


def test_deps_are_the_code_a_stage_runs(repo: Path, imports_of: Imports) -> None:
    found = complaints(repo, imports_of)
    assert not found, "\n".join(found)


DVC = """
stages:
  score:
    foreach: [1]
    do:
      cmd: ${restem} score ${key}
      deps:
        - src/restem/stages/score.py
        - src/restem/core/seeds.py
        - src/restem/rewards/${reward}.py
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A made-up project with one stage, which imports a function's module and loads a plug-in."""
    files = {
        "params.yaml": "reward: r\ndata: {path: x}\n",
        "dvc.yaml": DVC,
        "src/restem/stages/score.py": "from restem.core import layout, plugins\n"
        'def run():\n    from restem.core.seeds import s\n    plugins.load("reward", "r")\n',
        "src/restem/core/seeds.py": "from restem.core.errors import E\n",
        "src/restem/core/errors.py": "",
        "src/restem/rewards/r.py": "",
        "src/restem/rewards/other.py": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_complete_deps_pass(tree: Path, imports_of: Imports) -> None:
    assert complaints(tree, imports_of) == []


@pytest.mark.parametrize(
    ("removed", "file"),
    [
        ("core/seeds.py", "core/seeds.py"),
        ("rewards/${reward}.py", "rewards/r.py"),
        ("stages/score.py", "stages/score.py"),
    ],
)
def test_a_missing_dep_is_seen(tree: Path, imports_of: Imports, removed: str, file: str) -> None:
    line = f"        - src/restem/{removed}\n"
    assert line in DVC
    (tree / "dvc.yaml").write_text(DVC.replace(line, ""))
    assert complaints(tree, imports_of) == [f"score lacks src/restem/{file}"]


def test_an_import_of_a_plug_in_is_followed(tree: Path, imports_of: Imports) -> None:
    (tree / "src/restem/rewards/r.py").write_text("from restem.rewards import other\n")
    assert complaints(tree, imports_of) == ["score lacks src/restem/rewards/other.py"]


def test_a_dep_on_code_that_is_not_run_is_seen(tree: Path, imports_of: Imports) -> None:
    (tree / "dvc.yaml").write_text(f"{DVC}        - src/restem/core/errors.py\n")
    assert complaints(tree, imports_of) == ["score needs no src/restem/core/errors.py"]
