"""One import direction: core <- worlds <- floor 2 <- stages, commands <- __main__."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

Imports = Callable[[Path, Path], set[Path]]

# folder: the folders it may import from; floor 2 is tasks to evaluation
FLOOR_2 = {"tasks", "rewards", "sampling", "method", "training", "evaluation"}
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "worlds": {"core"},
    **{name: {"core"} for name in FLOOR_2},
    "tasks": {"core", "worlds"},
    "stages": {"core", "worlds", *FLOOR_2},
    "commands": {"core", "worlds", *FLOOR_2},
    "__main__": {"core", "worlds", *FLOOR_2, "stages", "commands"},
}
HEAVY = {
    "torch", "transformers", "accelerate", "datasets", "pyarrow", "mlflow", "matplotlib", "sympy",
    "math_verify", "latex2sympy2_extended", "hydra", "omegaconf", "ruamel", "tokenizers", "dvc",
    "safetensors", "pandas", "vllm", "ray", "deepspeed", "peft",
}  # fmt: skip


def offences(src: Path, imports_of: Imports) -> list[str]:
    """Imports that go up or sideways, as `file imports file`."""
    package = src / "restem"
    found = []
    for file in sorted(package.rglob("*.py")):
        home = file.relative_to(package).parts[0].removesuffix(".py")
        for target in sorted(imports_of(file, src)):
            there = target.relative_to(package).parts[0].removesuffix(".py")
            if there not in {home, "__init__", *MAY_IMPORT.get(home, set())}:
                found.append(f"{file.relative_to(package)} imports {target.relative_to(package)}")
    return found


def test_imports_go_down_only(repo: Path, imports_of: Imports) -> None:
    assert offences(repo / "src", imports_of) == []


def test_every_folder_has_a_floor(repo: Path) -> None:
    there = {
        path.stem for path in (repo / "src" / "restem").iterdir() if path.suffix in ("", ".py")
    }
    assert there - {"__pycache__", "__init__"} == set(MAY_IMPORT)


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("core/a.py", "from restem.stages import b"),
        ("rewards/a.py", "import restem.stages.b"),
        ("commands/a.py", "def f():\n    from restem.stages.b import c"),
    ],
)
def test_an_import_upwards_is_seen(
    tmp_path: Path, imports_of: Imports, file: str, statement: str
) -> None:
    for name in (file, "stages/b.py"):
        (tmp_path / "restem" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "restem" / name).touch()
    (tmp_path / "restem" / file).write_text(statement)
    assert offences(tmp_path, imports_of) == [f"{file} imports stages/b.py"]


def test_heavy_libraries_are_imported_inside_functions(repo: Path) -> None:
    found = []
    for file in sorted((repo / "src").rglob("*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [str(node.module)]
            else:
                continue
            found += [f"{file.name}: {name}" for name in names if name.partition(".")[0] in HEAVY]
    assert found == []
