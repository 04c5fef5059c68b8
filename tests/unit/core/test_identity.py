"""Which code a stage runs, and its digest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest

from restem.core.errors import DataError
from restem.core.identity import Code, changed, check_recorded, file_digest, stage_code
from restem.core.params import load

REPO = Path(__file__).parents[3]
VALUES = {
    "task": "t", "reward": "r", "engine": "e", "sample.ray_engine": "e2",
    "train.check_engine": "e3", "sample.stop_after_correct": 0, "data.path": "own",
}  # fmt: skip
Tree = Callable[..., Code]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """tree(**{"stages/score": "import ..."}): made-up sources; a dot in a name ends it."""
    monkeypatch.chdir(tmp_path)

    def make(**files: str) -> Code:
        for name, text in files.items():
            path = tmp_path / "src/restem" / (name if "." in name else f"{name}.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Code(tmp_path / "src")

    return make


def runs(code: Code, stage: str = "score", **values: object) -> set[str]:
    """What a stage runs besides itself."""
    found = code.of_stage(stage, {**VALUES, **values})
    names = {name.removeprefix("src/restem/").removesuffix(".py") for name in found}
    return names - {f"stages/{stage}"}


@pytest.mark.parametrize(
    "statement",
    [
        "from restem.core import seeds",
        "import restem.core.seeds as s",
        "def f():\n    from restem.core.seeds import seed_for",
        "from ..core import seeds",
        "from ..core.seeds import seed_for",
        'importlib.import_module("restem.core.seeds")',
        'COMMAND = ["-m", "restem.core.seeds"]',
        "if TYPE_CHECKING:\n    pass\nelse:\n    import restem.core.seeds",
    ],
)
def test_an_import_is_seen_wherever_it_stands(tree: Tree, statement: str) -> None:
    code = tree(**{"stages/score": statement, "core/seeds": "import restem.method.m",
                   "method/m": "", "core/other": ""})  # fmt: skip
    assert runs(code) == {"core/seeds", "method/m"}


@pytest.mark.parametrize(
    "statement",
    [
        "if TYPE_CHECKING:\n    import restem.core.seeds",
        "if typing.TYPE_CHECKING:\n    import restem.core.seeds",
        '"""restem.core.seeds"""',
        "# import restem.core.seeds",
    ],
)
def test_what_does_not_run_is_not_seen(tree: Tree, statement: str) -> None:
    assert runs(tree(**{"stages/score": statement, "core/seeds": ""})) == set()


def test_packages_count_where_they_hold_code(tree: Tree) -> None:
    files = {"stages/score": "import restem.a.b.c", "a/b/c": "", "a/b/__init__": '"""About."""',
             "a/__init__": "X = 1"}  # fmt: skip
    assert runs(tree(**files)) == {"a/b/c", "a/__init__"}


def test_what_shapes_no_result_is_left_out_with_all_that_only_it_imports(tree: Tree) -> None:
    code = tree(**{"stages/score": "from restem.core import errors", "core/seeds": "",
                   "core/errors": "import restem.core.seeds"})  # fmt: skip
    assert runs(code) == set()


PLUGINS = {f"{folder}/{name}": "" for folder, names in
           {"tasks": ("t", "t2"), "rewards": ("r", "r2", "math", "code", "cluster"),
            "sampling": ("e", "e2", "e3")}.items() for name in names}  # fmt: skip


@pytest.mark.parametrize(
    ("call", "values", "found"),
    [
        ('plugins.load("engine", params.engine)', {}, {"sampling/e"}),
        ('plugins.load("engine", sample.ray_engine)', {}, {"sampling/e2"}),
        ('plugins.load("engine", params.train.check_engine)', {}, {"sampling/e3"}),
        ('plugins.load("engine", name)', {"engine": "e3"}, {"sampling/e3"}),
        ('plugins.load("engine", "e" if params.engine == "e2" else params.engine)',
         {"engine": "e2"}, {"sampling/e"}),
        ('plugins.load("engine", "e" if params.engine == "e2" else params.engine)',
         {"engine": "e3"}, {"sampling/e3"}),
        ('plugins.load("reward", name)', {}, {"rewards/r"}),
        ('plugins.load("reward", SECOND)', {}, {"rewards/r2"}),
        ('plugins.load("reward", name)', {"reward": "auto"}, {"rewards/math", "rewards/code"}),
        ("plugins.open_reward(name, score)", {}, {"rewards/r", "rewards/cluster"}),
        ('plugins.load("task", name)', {}, {"tasks/t"}),
    ],
)  # fmt: skip
def test_plug_ins_are_those_that_params_name(
    tree: Tree, call: str, values: dict[str, object], found: set[str]
) -> None:
    code = tree(**PLUGINS, **{"stages/score": f'SECOND = "r2"\ndef run():\n    {call}\n'})
    assert runs(code, **values) == found


def test_auto_is_what_the_task_can_be_judged_by(tree: Tree) -> None:
    files = {**PLUGINS, "tasks/t": 'REWARDS = ("math",)'}
    code = tree(**files, **{"stages/score": 'plugins.load("reward", name)'})
    assert runs(code, reward="auto") == {"rewards/math"}


def test_a_folder_of_own_data_names_a_task_too(tree: Tree, tmp_path: Path) -> None:
    code = tree(**PLUGINS, **{"stages/score": 'plugins.load("task", name)'})
    (tmp_path / "own/transfer/t2").mkdir(parents=True)
    assert runs(code) == {"tasks/t", "tasks/t2"}


def test_the_verifier_takes_part_in_sampling_where_it_decides_how_much_is_drawn(
    tree: Tree,
) -> None:
    code = tree(**PLUGINS, **{"stages/sample": "plugins.open_reward(name, params.score)"})
    assert runs(code, "sample") == set()
    assert runs(code, "sample", **{"sample.stop_after_correct": 3}) == {
        "rewards/r", "rewards/cluster",
    }  # fmt: skip


def test_files_that_are_read_beside_the_sources_are_seen(tree: Tree) -> None:
    text = 'PLACE = "restem.tasks"\nresources.files(PLACE).joinpath(f"prompts/{name}.txt")'
    files = {"tasks/prompts/a.txt": "A", "tasks/prompts/a.md": "", "tasks/prompts/b.txt": "B"}
    code = tree(**files, **{"stages/score": text})
    assert runs(code) == {"tasks/prompts/a.txt", "tasks/prompts/b.txt"}
    before = code.of_stage("score", VALUES)
    after = tree(**{"tasks/prompts/a.txt": "A changed"}).of_stage("score", VALUES)
    assert changed(before, after) == ["src/restem/tasks/prompts/a.txt"]


SAME = '''
"""About."""
# A comment.
X = (1,
     "two")


def f(a: int, b=None) -> str:
    """What it does."""

    return f"{a!r:>{b}} {X}"  # why


class C:
    field: int
    """What it holds."""
'''
BARE = """X = (1, 'two')
def f(a: int, b=None) -> str:
    return f'{a!r:>{b}} {X}'
class C:
    field: int
"""


def test_comments_docstrings_and_layout_do_not_count(tmp_path: Path) -> None:
    for name, text in {"a": SAME, "b": BARE}.items():
        (tmp_path / f"{name}.py").write_text(text)
    assert file_digest(tmp_path / "a.py") == file_digest(tmp_path / "b.py")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1", "1.0"), ("1", "True"), ("'two'", "b'two'"), ("(1, 'two')", "[1, 'two']"),
        ("!r", "!s"), (":>", ":<"), ("b=None", "b=0"), (" {X}", "{X}"), ("a: int", "a"),
        ("a: int", "*a: int"), ("field: int", "field: int = 0"), ("class C", "class D"),
        ("return ", ""),
    ],
)  # fmt: skip
def test_everything_else_counts(tmp_path: Path, old: str, new: str) -> None:
    assert old in BARE
    for name, text in {"a": BARE, "b": BARE.replace(old, new, 1)}.items():
        (tmp_path / f"{name}.py").write_text(text)
    assert file_digest(tmp_path / "a.py") != file_digest(tmp_path / "b.py")


ALL_SYNTAX = r'''
@decorated
async def f(a, /, b: int = 1, *c, d=2.5e-9, **e) -> None:
    """About."""
    global g
    async with a as b, c: pass
    async for x in y: continue
    else: await z
    return [i async for i in x if i], {**e, 1: 2j}, {1, ...}, (yield), x[1:2, ::3]
class C(B, metaclass=M):
    x: "int" = lambda *y: -y if not y else y @ y
match p:
    case {"a": [1, *rest], **more} | D(x=None) as w if w: del w.x
    case _: raise E from None
try: x = y = (z := 1 < 2 <= 3) and 4 or not 5
except* (A, B) as error: assert x, "é\N{BULLET}😀"
else: nonlocal_ = f"{x=}{y!r:>{w}.2f}{{}}" "joined"; rb"\d"[0]
finally: x //= 1; import a.b as c; from . import d; from .e import *
while True: break
'''


def test_a_digest_is_the_same_in_every_version_of_python(tmp_path: Path) -> None:
    (tmp_path / "all.py").write_text(ALL_SYNTAX)
    assert file_digest(tmp_path / "all.py") == "15fe7d8f069c8136"


EVERY = """
import json, sys
from pathlib import Path
sys.path.insert(0, "src")
from restem.core.identity import file_digest
files = sorted(Path("src").rglob("*.py"))
print(json.dumps({str(file): file_digest(file) for file in files}))
"""


def _pythons() -> list[str]:
    """Other interpreters of this machine that restem supports."""
    found: list[str] = []
    for minor in {11, 12, 13} - {sys.version_info.minor}:
        installed = Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")
        found += [*map(str, installed), shutil.which(f"python3.{minor}") or ""]
    return [exe for exe in found if exe and not subprocess.call([exe, "-c", ""], stderr=PIPE)]


@pytest.mark.parametrize("python", _pythons())
def test_every_source_has_the_same_digest_in_another_python(python: str) -> None:
    done = subprocess.run([python, "-B", "-c", EVERY], cwd=REPO, check=True, capture_output=True)
    here = {str(f.relative_to(REPO)): file_digest(f) for f in (REPO / "src").rglob("*.py")}
    assert json.loads(done.stdout) == here


def test_a_source_that_is_no_python_is_named_in_one_line(tree: Tree) -> None:
    code = tree(**{"stages/score": "import restem.core.seeds", "core/seeds": "x = (\ndef"})
    with pytest.raises(DataError, match=r"core/seeds\.py:\d+: .*A stage runs this file") as caught:
        runs(code)
    assert "\n" not in str(caught.value)


def test_a_result_is_not_filed_under_code_that_did_not_make_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPO)
    params, recorded = load(), tmp_path / "filter.txt"
    lines = stage_code("filter", params)
    recorded.write_text("".join(f"{file} {digest}\n" for file, digest in lines.items()))
    check_recorded(recorded, "filter", params)
    name = "src/restem/method/selection.py"
    recorded.write_text(recorded.read_text().replace(lines[name], "0" * 16))
    with pytest.raises(DataError, match=f"{name} changed since .*filter.txt was written"):
        check_recorded(recorded, "filter", params)


@pytest.mark.parametrize(
    ("by", "said"), [("filter@1", "changed since"), ("", "cannot read data/problems")]
)
def test_a_stage_that_dvc_runs_looks_whether_its_code_is_still_that_of_the_digest(
    tmp_path: Path, by: str, said: str
) -> None:
    (tmp_path / "params.yaml").write_bytes((REPO / "tests/params.yaml").read_bytes())
    for name, text in {
        "plan/1.json": '{"active": true}',
        "code/filter.txt": "src/a.py 0\n",
    }.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(text)
    env = {**os.environ, "PYTHONPATH": str(REPO / "src"), **({"DVC_STAGE": by} if by else {})}
    done = subprocess.run([sys.executable, "-m", "restem", "filter", "1"], cwd=tmp_path, env=env,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
