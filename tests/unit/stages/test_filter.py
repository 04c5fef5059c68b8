"""The filter stage against a naive reading of the paper, and what it refuses."""

from __future__ import annotations

import random
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from restem.core import layout, params, storage
from restem.core.errors import DataError
from restem.core.params import Method, Params
from restem.core.records import Problem, ScoredRow, TrainRow
from restem.core.seeds import seed_for
from restem.stages import filter as filtering

PROMPTS = {f"p{i}": f"prompt {i}" for i in range(4)}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    problems = [
        Problem(i, "t", "train", "s", 1, "?", p, (), "{}", None) for i, p in PROMPTS.items()
    ]
    storage.write_problems(layout.problems("train"), problems)


@pytest.fixture
def values() -> Params:
    return params.load(Path(__file__).parents[3] / "params.yaml")


def row(problem: str, index: int, text: str, outcome: str = "correct") -> ScoredRow:
    return ScoredRow(problem, index, text, 3, "stop", -1.0, f"{problem}-{index}", "7",
                     float(outcome == "correct"), outcome, "", "math-0")  # fmt: skip


def write(rows: list[ScoredRow]) -> None:
    storage.write_rows("scored", layout.scored("1"), map(asdict, rows))


def naive(rows: list[ScoredRow], values: Params) -> list[TrainRow]:
    """All rows at once, problem by problem."""
    kept: list[ScoredRow] = []
    seed = seed_for(values.seed, "filter", "1")
    for problem in sorted({row.problem_id for row in rows}):
        correct = [row for row in rows if row.problem_id == problem and row.reward > 0]
        if values.method.dedupe == "exact":
            correct = [row for i, row in enumerate(correct)
                       if row.text not in [earlier.text for earlier in correct[:i]]]  # fmt: skip
        if values.method.select == "first":
            correct = correct[: values.cap]
        if values.method.select == "random-cap" and len(correct) > values.cap:
            chooser = random.Random(seed_for(seed, "select", problem))
            correct = sorted(chooser.sample(correct, values.cap), key=lambda row: row.sample_index)
        kept += correct
    return [TrainRow(PROMPTS[r.problem_id], r.text, 1.0, r.problem_id, r.sample_id) for r in kept]


DRAWN = st.dictionaries(
    st.tuples(st.sampled_from(sorted(PROMPTS)), st.integers(0, 40)),  # problem and sample_index
    st.tuples(st.integers(0, 6), st.sampled_from(["correct", "correct", "wrong", "truncated"])),
    min_size=1,
    max_size=80,
)


@settings(
    max_examples=40,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    DRAWN,
    st.sampled_from(["exact", "none"]),
    st.sampled_from(["random-cap", "first", "all"]),
    st.integers(1, 5),
)
def test_streaming_keeps_what_a_naive_filter_keeps(
    values: Params,
    drawn: dict[tuple[str, int], tuple[int, str]],
    dedupe: str,
    select: str,
    cap: int,
) -> None:
    """Problems with unequal numbers of samples, gaps between them, and none correct included."""
    rows = [
        row(*place, f"text {text}", outcome) for place, (text, outcome) in sorted(drawn.items())
    ]
    method = Method(values.method.init_from, dedupe, select)
    changed = replace(values, method=method, cap=cap)
    write(rows)
    expected = naive(rows, changed)
    if not expected:
        with pytest.raises(DataError, match=f"none of {len(rows)} samples is correct"):
            filtering.run(changed, "1")
        return
    filtering.run(changed, "1")
    kept = layout.train_rows("1").read_bytes()
    assert kept == storage.to_bytes("train", map(asdict, expected))


def test_nothing_kept_says_what_came_and_leaves_the_old_file(values: Params) -> None:
    write([row("p0", 0, "a")])
    filtering.run(values, "1")
    before = layout.train_rows("1").read_bytes()
    write([row("p0", 0, "a", "wrong"), row("p0", 1, "a", "truncated"), row("p1", 0, "a", "wrong")])
    with pytest.raises(DataError, match=r"none of 3 samples is correct \(2 wrong, 1 truncated\)"):
        filtering.run(values, "1")
    assert layout.train_rows("1").read_bytes() == before
    assert [p.name for p in layout.train_rows("1").parent.iterdir() if "partial" in p.name] == []


def test_unsorted_rows_are_refused_in_one_line_and_write_nothing(values: Params) -> None:
    write([row("p1", 0, "a"), row("p0", 5, "a")])
    with pytest.raises(DataError, match="p0 sample 5 comes after p1 sample 0") as refused:
        filtering.run(values, "1")
    assert "\n" not in str(refused.value)
    assert not layout.train_rows("1").exists()
