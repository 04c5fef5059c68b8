"""Plug-ins are files, found by their name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from restem.core import plugins
from restem.core.errors import ParamsError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of made-up rewards in the place of restem.rewards."""
    folder = tmp_path / "made_up_rewards"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "good.py").write_text("VERSION = '1'\n\ndef open_reward(score, machine):\n    pass\n")
    (folder / "helper.py").write_text("def other():\n    pass\n")
    (folder / "broken.py").write_text("\ndef open_reward(score, machine):\n    pass\n\n1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(plugins.KINDS, "reward", ("made_up_rewards", "open_reward"))
    return folder


def test_a_plug_in_is_a_file_with_the_entry_point(package: Path) -> None:
    assert plugins.names("reward") == ["broken", "good"]


def test_looking_names_up_imports_none_of_them(package: Path) -> None:
    plugins.names("reward")
    assert not [name for name in sys.modules if name.startswith("made_up_rewards.")]


def test_a_plug_in_is_loaded_by_its_name(package: Path) -> None:
    assert plugins.load("reward", "good").VERSION == "1"


@pytest.mark.parametrize("name", ["goo", "helper", "os", "../good", "good.x", ""])
def test_an_unknown_name_lists_those_there_are(package: Path, name: str) -> None:
    with pytest.raises(ParamsError, match=r"unknown name .*has broken, good") as caught:
        plugins.load("reward", name)
    assert "\n" not in str(caught.value)


def test_a_near_name_is_suggested(package: Path) -> None:
    with pytest.raises(ParamsError, match="Did you mean 'good'"):
        plugins.load("reward", "goood")


def test_a_bug_in_a_plug_in_is_not_hidden(package: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        plugins.load("reward", "broken")
