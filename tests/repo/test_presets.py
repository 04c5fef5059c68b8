"""Every preset composes with params.yaml into values that pass the checks of the stages."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
import yaml

from restem.commands import configure, grade_limits
from restem.core import params, plugins
from restem.core.errors import ParamsError

REPO = Path(__file__).parents[2]
PRESETS = sorted(path.stem for path in (REPO / "presets").glob("*.yaml"))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """params.yaml and presets/, to be changed at will; the working directory."""
    (tmp_path / "params.yaml").write_bytes((REPO / "tests/params.yaml").read_bytes())
    (tmp_path / "presets").symlink_to(REPO / "presets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_configure(*words: str, dry_run: bool = False) -> list[str]:
    return list(configure.run(argparse.Namespace(words=list(words), dry_run=dry_run)))


def named(preset: str) -> dict[str, object]:
    """Dotted names and values a preset sets."""
    return flat(yaml.safe_load((REPO / "presets" / f"{preset}.yaml").read_text()))


def flat(tree: dict[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in tree.items():
        name = prefix + key
        found |= flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return found


def test_there_are_presets() -> None:
    assert {"tiny", "smoke", "paper-math"} <= set(PRESETS)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_composes_and_its_values_arrive(workspace: Path, preset: str) -> None:
    run_configure(f"preset={preset}")
    loaded = params.flatten(params.load(Path("params.yaml")))
    assert {key: loaded[key] for key in named(preset)} == named(preset)
    assert [path.name for path in workspace.iterdir() if path.is_dir()] == ["presets"]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_keeps_every_comment(workspace: Path, preset: str) -> None:
    def comments() -> list[str]:
        return re.findall(r"#.*", Path("params.yaml").read_text())

    before = comments()
    run_configure(f"preset={preset}")
    assert comments() == before


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_names_plug_ins_that_exist(preset: str) -> None:
    values = named(preset)
    for kind in plugins.KINDS:
        assert values.get(kind) is None or plugins.is_known(kind, str(values[kind]))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_says_what_it_is_and_costs(preset: str) -> None:
    comment = (REPO / "presets" / f"{preset}.yaml").read_text().partition("\n\n")[0]
    assert comment.startswith("# ")
    assert "Cost:" in comment


def test_tiny_names_everything_and_is_the_default() -> None:
    assert named("tiny") == params.flatten(params.load(REPO / "tests/params.yaml"))


def test_limits_for_grading_elsewhere_are_the_default_ones() -> None:
    default = params.load(REPO / "tests/params.yaml")
    assert grade_limits.defaults() == grade_limits.Limits(default.score, default.machine)


def test_presets_are_laid_over_one_another_and_values_over_them(workspace: Path) -> None:
    run_configure("preset=smoke", "iters=3", "preset=rest")
    loaded = params.load(Path("params.yaml"))
    assert (loaded.iters, loaded.method.init_from, loaded.base.steps) == (3, "previous", 300)


def test_only_the_lines_of_the_changed_values_change(workspace: Path) -> None:
    before = Path("params.yaml").read_text().splitlines()
    said = run_configure("train.lr=1e-6", "eval.pass_at=[1,2]")
    after = Path("params.yaml").read_text().splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [line.split("#")[0].split() for line in changed] == [
        ["lr:", "0.000001"], ["pass_at:", "[1,", "2]"]]  # fmt: skip
    assert said[0] == "train.lr: 0.0005 -> 1e-06"


def test_a_dry_run_writes_nothing(workspace: Path) -> None:
    before = Path("params.yaml").read_bytes()
    assert run_configure("cap=4", dry_run=True)[0] == "cap: 10 -> 4"
    assert Path("params.yaml").read_bytes() == before


def test_a_broken_value_can_be_mended(workspace: Path) -> None:
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(re.sub(r"(?m)^cap: 10", "cap: 0 ", text))
    assert run_configure("cap=10")[0] == "cap: 0 -> 10"
    assert params.load(Path("params.yaml")).cap == 10


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("preset=smok", "unknown preset 'smok'. Did you mean smoke?"),
        ("preset=gsm8k", "unknown preset 'gsm8k'. Did you mean gsm8k-replay?"),
        ("preset=zzz", f"unknown preset 'zzz'. There is {', '.join(PRESETS)}."),
        ("capp=1", "unknown key 'capp'. Did you mean cap?"),
        ("+capp=1", "unknown key 'capp'. Did you mean cap?"),
        ("cap", "'cap' is no key=value. Example: `configure preset=smoke cap=4`."),
        ("cap=0", "params.yaml: cap must be >= 1, got 0. Set it to 10, as the paper does."),
        (
            "cap=ten",
            "params.yaml: cap must be a whole number, got 'ten'. Mend the line, then run again.",
        ),
        ("cap=1,2", "several values are a grid: `dvc exp run --queue -S KEY=1,2`; a list is [1,2]"),
    ],
)
def test_a_bad_word_is_refused_in_one_line(workspace: Path, word: str, message: str) -> None:
    before = Path("params.yaml").read_bytes()
    with pytest.raises(ParamsError) as caught:
        run_configure(word)
    assert str(caught.value) == message
    assert Path("params.yaml").read_bytes() == before
