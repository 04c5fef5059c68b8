"""params.yaml is explained line by line, and a bad one is refused in one line before any work.

What it holds as delivered is in tests/params.yaml: users edit theirs, and their tests stay green.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from restem.core import params

REPO = Path(__file__).parents[2]
DELIVERED = REPO / "tests/params.yaml"
TEXT = DELIVERED.read_text()


def test_every_line_with_a_value_has_a_comment_or_explains_itself() -> None:
    obvious = {"weight_decay"}
    values = [line for line in TEXT.splitlines() if re.match(r" *\w+: *[^ #]", line)]
    bare = {line.split(":")[0].strip() for line in values if "#" not in line}
    assert bare <= obvious


def test_the_file_and_the_types_name_the_same_values_in_the_same_order() -> None:
    keys = [line.split(":")[0].strip() for line in TEXT.splitlines() if re.match(r" *\w+:", line)]
    paths = [name.split(".") for name in params.flatten(params.load(DELIVERED))]
    sections = {section for path in paths for section in path[:-1]}
    names = [path[-1] for path in paths if path[-1] not in sections]
    assert [key for key in keys if key not in sections] == names


def test_the_copy_for_tests_names_what_params_yaml_names() -> None:
    """After a new parameter: `cp params.yaml tests/`."""
    mine, copy = (yaml.safe_load(file.read_text()) for file in (REPO / "params.yaml", DELIVERED))
    assert names(mine) == names(copy)


def names(tree: dict[str, object]) -> set[str]:
    inner = (
        {f"{key}.{name}" for name in names(v)} for key, v in tree.items() if isinstance(v, dict)
    )
    return set(tree).union(*inner)


def test_no_test_reads_the_params_yaml_that_users_edit() -> None:
    theirs = re.compile(r'(?:REPO|ROOT|parents\[\d\]) / "params\.yaml"')
    files = (REPO / "tests").rglob("*.py")
    found = [file.relative_to(REPO / "tests") for file in files if theirs.search(file.read_text())]
    assert found == [Path("repo/test_params.py")]


def changed(pattern: str, replacement: str) -> str:
    text, count = re.subn(pattern, replacement, TEXT, count=1, flags=re.MULTILINE)
    assert count == 1, pattern
    return text


BAD = {
    "unknown key": (changed("^cap:", "capp:"), "unknown key capp. Did you mean cap?"),
    "unknown key in a section": (changed("^  top_k:", "  topk:"), "Did you mean sample.top_k?"),
    "cap 0": (changed("^cap: 10", "cap: 0"), "cap must be >= 1, got 0"),
    "iters 9": (changed(r"^iters: \d+", "iters: 9"), "iters must be <= 5, got 9"),
    "a text for a switch": (
        changed("unsafe_no_sandbox: false", 'unsafe_no_sandbox: "yes"'),
        "score.unsafe_no_sandbox must be true or false, got 'yes'",
    ),
    "a text for a number": (
        changed("^cap: 10", "cap: ten"),
        "cap must be a whole number, got 'ten'",
    ),
    "nan": (changed("^temperature: 0.7", "temperature: .nan"), "temperature must be"),
    "a missing value": (changed("^cap: 10", "cap:"), "cap is missing"),
    "a missing section": (changed("^score:[^\n]*\n(  .*\n)+", ""), "score is missing"),
    "a value for a section": (changed("^method:[^\n]*\n(  .*\n)+", "method: 3\n"), "be a section"),
    "an unknown switch": (changed("select: random-cap", "select: best"), "method.select must be"),
    "k beyond the samples": (changed("pass_at: [^#]*", "pass_at: [1, 99] "), "eval.pass_at must"),
    "no YAML": ("iters: [1\n", "is no YAML"),
    "a list": ("- 1\n", "must be a section"),
    "empty": ("", "iters is missing"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    text, expected = BAD[name]
    (tmp_path / "params.yaml").write_text(text)
    done = run_plan(tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("restem plan: params.yaml")
    assert expected in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    done = run_plan(tmp_path)
    assert done.returncode == 2
    assert "Run from the repository root" in done.stderr


def run_plan(where: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "restem", "plan"],
        cwd=where,
        env={**os.environ, "PYTHONPATH": str(REPO / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
