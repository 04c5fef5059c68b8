"""Every command the README and the other pages show exists and takes the words shown."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

from restem.__main__ import COMMANDS, STAGES, Parser

REPO = Path(__file__).parents[2]
README = REPO / "README.md"

PAGES = sorted([*REPO.glob("*.md"), *REPO.glob("docs/*.md"), *REPO.glob("examples/**/*.md")])


def test_every_make_target_exists() -> None:
    shown = set(re.findall(r"\bmake ([a-z][a-z-]*)", _code(README.read_text())))
    there = set(re.findall(r"^([a-z][a-z-]*):", (REPO / "Makefile").read_text(), re.MULTILINE))
    assert shown
    assert shown <= there


def test_every_stage_and_command_takes_the_words_it_is_shown_with() -> None:
    shown = {line for page in PAGES for line in _restem(_code(page.read_text()))}
    assert {line.split()[0] for line in _restem(_code(README.read_text()))} >= {
        "configure", "peek", "grade", "regrade", "doctor", "plan-cost", "store"}  # fmt: skip
    for line in sorted(shown):
        name, *words = shlex.split(line, comments=True)
        assert name in {*STAGES, *COMMANDS}, line
        parser = Parser(prog=line)
        parser.add_argument("iteration", nargs="?")
        if name in COMMANDS:
            parser = Parser(prog=line)
            importlib.import_module(f"restem.commands.{name.replace('-', '_')}").add_arguments(
                parser
            )
            if not words:
                continue  # named, not shown
        parser.parse_args(words)  # raises with the line


def test_words_that_a_command_does_not_take_are_seen() -> None:
    text = "```\nrestem peek 1 --outcom wrong   # a note\nPYTHONPATH=src python -m restem plan\n```"
    assert _restem(_code(text)) == ["peek 1 --outcom wrong   # a note", "plan"]
    assert _restem(_code("`restem store ls | gc`, `restem X`, src/restem peek, restem is")) == [
        "store ls "
    ]


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


def _restem(code: str) -> list[str]:
    """What follows `restem` or `python -m restem` on its line, up to a pipe."""
    whole = code.replace("\\\n", " ")
    return re.findall(r"(?:^|[`\s])restem ([a-z][^|`\n&>;]*)", whole, re.MULTILINE)
