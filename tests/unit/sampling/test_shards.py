from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restem.core.records import Problem
from restem.sampling.shards import SAMPLES_PER_SHARD, make_shards


def problems(count: int) -> list[Problem]:
    return [
        Problem(f"p{i:03d}", "t", "train", "s", 1, "q", f"prompt {i}", ("\n",), "{}", None)
        for i in range(count)
    ]


@given(count=st.integers(0, 30), num_samples=st.integers(1, 40), rows=st.integers(1, 100))
def test_shards_hold_every_sample_once_and_no_more_rows_than_allowed(
    count: int, num_samples: int, rows: int
) -> None:
    shards = make_shards(problems(count), num_samples, rows)
    pairs = [(r.problem_id, i) for s in shards for r in s.requests for i in range(r.first, r.last)]
    wanted = -(-num_samples // SAMPLES_PER_SHARD) * SAMPLES_PER_SHARD
    assert sorted(pairs) == sorted(
        (p.problem_id, i) for p in problems(count) for i in range(wanted)
    )
    assert all(len(s.requests) * SAMPLES_PER_SHARD <= max(rows, SAMPLES_PER_SHARD) for s in shards)


def test_more_samples_keep_the_shards_of_fewer() -> None:
    assert make_shards(problems(20), 32, 64)[:6] == make_shards(problems(20), 15, 64)


def test_greedy_asks_for_one_sample_whatever_the_number() -> None:
    shards = make_shards(problems(20), 8, 8, greedy=True)
    assert [len(s.requests) for s in shards] == [8, 8, 4]
    assert {(r.first, r.last) for s in shards for r in s.requests} == {(0, 1)}


def test_names_are_unique_and_sort_in_order() -> None:
    names = [s.name for s in make_shards(problems(200), 200, 8)]
    assert sorted(set(names)) == names


@pytest.mark.parametrize(
    "change", [{"prompt": "other"}, {"problem_id": "other"}, {"stop": ("other",)}]
)
def test_other_content_gives_another_name(change: dict[str, object]) -> None:
    before = problems(4)
    after = [replace(before[0], **change), *before[1:]]  # type: ignore[arg-type]  # a test table
    first, second = (s.name for s in make_shards(before, 8, 16))
    changed, same = (s.name for s in make_shards(after, 8, 16))
    assert (first != changed, second == same) == (True, True)


def test_what_is_not_sampled_from_does_not_change_a_name() -> None:
    before = problems(4)
    after = [replace(p, gold='{"answer": "1"}', level=5) for p in before]
    assert make_shards(before, 8, 16) == make_shards(after, 8, 16)
