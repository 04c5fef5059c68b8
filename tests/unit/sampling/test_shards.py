"""The cuts of an E-step: every sample once, and as few new shards as possible when it grows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restem.core.records import Problem
from restem.sampling.shards import SAMPLES_PER_SHARD, chunk_shards, make_shards


def problems(count: int, step: int = 1) -> list[Problem]:
    return [
        Problem(f"p{i:05d}", "t", "train", "s", 1, "q", f"prompt {i}", ("\n",), "{}", None)
        for i in range(0, count * step, step)
    ]


def names(count: int, num_samples: int = 8, rows: int = 64) -> list[str]:
    return [shard.name for shard in make_shards(problems(count), num_samples, rows)]


@given(
    count=st.integers(0, 300), num_samples=st.integers(1, 33), rows=st.sampled_from([1, 8, 64, 512])
)
def test_every_sample_is_in_one_shard(count: int, num_samples: int, rows: int) -> None:
    shards = list(make_shards(problems(count), num_samples, rows))
    drawn = [(r.problem_id, i) for s in shards for r in s.requests for i in range(r.first, r.last)]
    chunk = 1 if num_samples == 1 else SAMPLES_PER_SHARD
    chunks = -(-num_samples // chunk) * chunk
    assert sorted(drawn) == [(p.problem_id, i) for p in problems(count) for i in range(chunks)]
    for shard in shards:
        assert sum(r.last - r.first for r in shard.requests) <= max(rows, SAMPLES_PER_SHARD)
        assert [r.problem_id for r in shard.requests] == sorted(
            r.problem_id for r in shard.requests
        )


def test_a_run_is_at_least_half_full_but_for_the_last() -> None:
    sizes = [len(s.requests) for s in make_shards(problems(3000), 8, 512)]
    assert all(32 <= size <= 64 for size in sizes[:-1])
    assert sum(sizes) / len(sizes) > 40


def test_more_samples_keep_the_shards_there_are() -> None:
    assert names(200, 32)[: len(names(200, 15))] == names(200, 15)


def test_a_chunk_is_a_part_of_all_shards() -> None:
    chunks = [s for first in (0, 8) for s in chunk_shards(problems(99), first, 64, 16)]
    assert chunks == list(make_shards(problems(99), 16, 64))


def test_problems_at_the_end_change_the_last_run_alone() -> None:
    before = names(500)
    assert len(set(before) - set(names(600))) <= 1


@pytest.mark.parametrize("at", [0, 100, 250, 499])
def test_a_problem_in_between_changes_few_shards(at: int) -> None:
    old = problems(500, step=2)
    new = replace(old[at], problem_id=f"p{2 * at + 1:05d}", prompt="new")
    grown = sorted([*old, new], key=lambda p: p.problem_id)
    before = {s.name for s in make_shards(old, 8, 64)}
    after = {s.name for s in make_shards(grown, 8, 64)}
    assert 1 <= len(before - after) <= 12
    assert len(before) > 70


def test_greedy_draws_one_sample_of_each() -> None:
    shards = list(make_shards(problems(20), 8, 8, greedy=True))
    assert all((r.first, r.last) == (0, 1) for s in shards for r in s.requests)
    assert sum(len(s.requests) for s in shards) == 20


def test_one_sample_per_problem_draws_one_and_fills_the_batch() -> None:
    shards = list(make_shards(problems(20), 1, 64))
    assert [(r.first, r.last) for s in shards for r in s.requests] == [(0, 1)] * 20
    assert len(shards) == 1
    assert list(chunk_shards(problems(20), 0, 64, 1)) == shards


@pytest.mark.parametrize("num_samples", [2, 7, 8, 9])
def test_any_other_number_draws_whole_chunks_of_eight(num_samples: int) -> None:
    (request, *_) = next(make_shards(problems(20), num_samples, 64)).requests
    assert (request.first, request.last) == (0, 8)


def test_names_are_unique() -> None:
    found = names(200, 200, 8)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    "change", [{"prompt": "other"}, {"stop": ("x",)}, {"problem_id": "p00000x"}]
)
def test_another_question_is_another_shard(change: dict[str, object]) -> None:
    first, *rest = problems(3)
    (before,) = make_shards([first, *rest], 8, 64)
    (after,) = make_shards([replace(first, **change), *rest], 8, 64)  # type: ignore[arg-type]
    assert before.name != after.name


def test_what_is_never_sent_changes_nothing() -> None:
    before = problems(40)
    after = [replace(p, gold="other", level=5, human_solution="x", subject="y") for p in before]
    assert list(make_shards(before, 8, 16)) == list(make_shards(after, 8, 16))
