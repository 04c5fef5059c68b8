"""Every command the README shows exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from restem.__main__ import COMMANDS, STAGES

REPO = Path(__file__).parents[2]
README = REPO / "README.md"

pytestmark = pytest.mark.skipif(not README.exists(), reason="no README.md yet")


def test_every_make_target_exists() -> None:
    shown = set(re.findall(r"\bmake ([a-z][a-z-]*)", _code(README.read_text())))
    there = set(re.findall(r"^([a-z][a-z-]*):", (REPO / "Makefile").read_text(), re.MULTILINE))
    assert shown
    assert shown <= there


def test_every_stage_and_command_exists() -> None:
    shown = set(re.findall(r"python -m restem ([a-z][a-z-]*)", README.read_text()))
    assert shown
    assert shown <= {*STAGES, *COMMANDS}


def test_every_preset_exists() -> None:
    shown = set(re.findall(r"preset=([a-z0-9-]+)", README.read_text()))
    assert shown <= {path.stem for path in (REPO / "presets").glob("*.yaml")}


def test_every_file_it_links_to_exists() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", README.read_text())
    assert [link for link in links if not (REPO / link).exists()] == []


def test_it_can_be_read_in_one_sitting() -> None:
    assert README.read_text().count("\n") <= 250


def _code(text: str) -> str:
    """What stands in code blocks and between backquotes."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
