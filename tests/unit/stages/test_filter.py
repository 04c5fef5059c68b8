"""The filter stage against a naive reading of the paper, and what it refuses."""

from __future__ import annotations

import logging
import math
import random
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from restem.core import layout, params, storage
from restem.core.errors import DataError, ParamsError
from restem.core.params import Params
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
    return params.load(Path(__file__).parents[3] / "tests/params.yaml")


def row(
    problem: str, index: int, text: str, outcome: str = "correct", reward: float = 1.0
) -> ScoredRow:
    return ScoredRow(problem, index, text, 3, "stop", -1.0, f"{problem}-{index}", "7",
                     reward * (outcome == "correct"), outcome, "", "math-0")  # fmt: skip


def write(rows: list[ScoredRow]) -> None:
    storage.write_rows("scored", layout.scored("1"), map(asdict, rows))


def naive(rows: list[ScoredRow], values: Params) -> list[TrainRow]:
    """All rows at once, problem by problem."""
    kept: list[ScoredRow] = []
    outcomes = {"correct", "wrong"} if values.method.weight == "exp" else {"correct"}
    weights = {"one": lambda reward: 1.0, "reward": float,
               "exp": lambda reward: math.exp(reward / values.method.beta)}  # fmt: skip
    seed = seed_for(values.seed, "filter", "1")
    for problem in sorted({row.problem_id for row in rows}):
        correct = [row for row in rows if row.problem_id == problem and row.outcome in outcomes]
        if values.method.dedupe == "exact":
            correct = [row for i, row in enumerate(correct)
                       if row.text not in [earlier.text for earlier in correct[:i]]]  # fmt: skip
        if values.method.select == "first":
            correct = correct[: values.cap]
        if values.method.select == "random-cap" and len(correct) > values.cap:
            chooser = random.Random(seed_for(seed, "select", problem))
            correct = sorted(chooser.sample(correct, values.cap), key=lambda row: row.sample_index)
        kept += correct
    weigh = weights[values.method.weight]
    return [TrainRow(PROMPTS[r.problem_id], r.text, weigh(r.reward), r.problem_id, r.sample_id)
            for r in kept]  # fmt: skip


DRAWN = st.dictionaries(
    st.tuples(st.sampled_from(sorted(PROMPTS)), st.integers(0, 40)),  # problem and sample_index
    st.tuples(
        st.integers(0, 6),
        st.sampled_from(["correct", "correct", "wrong", "truncated", "timeout", "error"]),
        st.sampled_from([0.25, 1.0]),
    ),
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
    st.sampled_from(["one", "reward", "exp"]),
    st.sampled_from(["random-cap", "first", "all"]),
    st.integers(1, 5),
)
def test_streaming_keeps_what_a_naive_filter_keeps(
    values: Params,
    drawn: dict[tuple[str, int], tuple[int, str, float]],
    dedupe: str,
    weight: str,
    select: str,
    cap: int,
) -> None:
    """Problems with unequal numbers of samples, gaps between them, and none correct included."""
    rows = [row(*place, f"text {text}", *verdict)
            for place, (text, *verdict) in sorted(drawn.items())]  # fmt: skip
    method = replace(values.method, dedupe=dedupe, weight=weight, beta=0.5, select=select)
    changed = replace(values, method=method, cap=cap)
    write(rows)
    expected = naive(rows, changed)
    if not expected:
        with pytest.raises(DataError, match=f"none of {len(rows)} samples is "):
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


def weighing(values: Params, weight: str, beta: float = 1.0) -> Params:
    return replace(values, method=replace(values.method, weight=weight, beta=beta))


def test_the_log_tells_kept_from_correct(values: Params, caplog: pytest.LogCaptureFixture) -> None:
    write([row("p0", 0, "a"), row("p0", 1, "b", "wrong"), row("p1", 0, "c", "wrong"),
           row("p2", 0, "d", "truncated")])  # fmt: skip
    with caplog.at_level(logging.INFO):
        filtering.run(weighing(values, "one"), "1")
        filtering.run(weighing(values, "exp"), "1")
    one, exp = caplog.messages
    assert "4 samples, 1 correct, 1 kept (1 correct), of 1 of 4 problems" in one
    assert "4 samples, 1 correct, 3 kept (1 correct), of 2 of 4 problems" in exp


def test_exp_with_nothing_judged_and_complete_says_so(values: Params) -> None:
    write([row("p0", 0, "a", "truncated"), row("p0", 1, "b", "error")])
    with pytest.raises(DataError, match="none of 2 samples is judged, complete and not empty"):
        filtering.run(weighing(values, "exp"), "1")


def test_a_weight_too_large_writes_nothing(values: Params) -> None:
    write([row("p0", 0, "a", "wrong"), row("p1", 0, "a")])
    with pytest.raises(ParamsError, match=r"e\^\(1 / 0\.001\), for p1 sample 0"):
        filtering.run(weighing(values, "exp", beta=0.001), "1")
    assert not layout.train_rows("1").exists()


def test_unsorted_rows_are_refused_in_one_line_and_write_nothing(values: Params) -> None:
    write([row("p1", 0, "a"), row("p0", 5, "a")])
    with pytest.raises(DataError, match="p0 sample 5 comes after p1 sample 0") as refused:
        filtering.run(values, "1")
    assert "\n" not in str(refused.value)
    assert not layout.train_rows("1").exists()
