"""What params.yaml names is found, and linked into copies of the repository."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from restem.core import layout, params
from restem.core.errors import DataError
from restem.stages import inputs

VALUES = params.load(Path(__file__).parents[3] / "tests/params.yaml")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Data and samples as users have them: in a folder, beside tracked files, and deeper."""
    for name in ("data/gsm8k/train.jsonl", "data/replay/1.jsonl", "data/replay/more/2.jsonl",
                 "data/replay/README.md"):  # fmt: skip
        path = tmp_path / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"of {name}")
    return tmp_path / "checkout"


@pytest.fixture
def copy(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where DVC runs an experiment: git has brought one file of data/replay."""
    path = checkout / ".dvc/tmp/exps/tmp1"
    (path / "data/replay").mkdir(parents=True)
    (path / "data/replay/README.md").write_text("as it was when queued")
    monkeypatch.setenv("DVC_ROOT", str(checkout))
    monkeypatch.chdir(path)
    return path


def values(path: str, model: str = "tiny", replay: str = "data/replay") -> params.Params:
    data, sample = replace(VALUES.data, path=path), replace(VALUES.sample, replay=replay)
    return replace(VALUES, data=data, sample=sample, model=model)


def test_a_copy_gets_what_git_does_not_carry(copy: Path) -> None:
    inputs.run(values("data/gsm8k"), None)
    assert Path("data/gsm8k/train.jsonl").read_text() == "of data/gsm8k/train.jsonl"
    assert Path("data/replay/1.jsonl").read_text() == "of data/replay/1.jsonl"
    assert Path("data/replay/more/2.jsonl").read_text() == "of data/replay/more/2.jsonl"
    assert Path("data/replay/README.md").read_text() == "as it was when queued"
    assert layout.INPUTS.is_file()
    inputs.run(values("data/gsm8k"), None)  # again: nothing is left to link


def test_a_model_folder_and_a_link_are_brought_along(checkout: Path, copy: Path) -> None:
    (checkout / "models/mine").mkdir(parents=True)
    (checkout / "mine").symlink_to(checkout / "data/gsm8k")
    inputs.run(values("mine", "models/mine"), None)
    assert Path("mine/train.jsonl").is_file()
    assert Path("models/mine").is_dir()


def test_an_absolute_path_is_taken_as_it_is(checkout: Path, copy: Path) -> None:
    inputs.run(values(str(checkout / "data/gsm8k")), None)
    assert not Path("data/gsm8k").exists()


def test_the_checkout_itself_is_left_alone(
    checkout: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    inputs.run(values("data/gsm8k"), None)
    assert not [path for path in Path("data").rglob("*") if path.is_symlink()]


def test_a_path_out_of_the_repository_is_refused_with_the_one_to_write(
    checkout: Path, copy: Path
) -> None:
    (checkout.parent / "shared").mkdir()
    with pytest.raises(DataError, match=f"data.path: ../shared .* {checkout.parent}/shared$"):
        inputs.run(values("../shared"), None)


@pytest.mark.parametrize(
    ("path", "model", "replay", "message"),
    [
        ("data/math", "tiny", "data/replay", "data.path: data/math is missing"),
        ("data/gsm8k", "tiny", "replay", "sample.replay: replay is missing"),
    ],
)
def test_what_is_missing_is_named(
    copy: Path, path: str, model: str, replay: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        inputs.run(values(path, model, replay), None)
    assert not layout.INPUTS.exists()


def test_a_link_in_git_that_leads_nowhere_in_a_copy_is_refused_with_the_path_to_write(
    checkout: Path, copy: Path
) -> None:
    (checkout.parent / "outside").mkdir()
    for place in (checkout, copy):
        (place / "data/mine").symlink_to("../../outside")
    with pytest.raises(DataError, match=rf"data/mine is a link .* Name {checkout.parent}/outside"):
        inputs.run(values("data/mine"), None)
