"""The store of samples, and what makes an E-step of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from restem.core.errors import EngineError
from restem.core.protocols import Engine, Sampling, Shard
from restem.core.records import Completion, Problem, SampleRow
from restem.core.scratch import Scratch
from restem.sampling.budget import rounds_until
from restem.sampling.drawing import Drawing
from restem.sampling.shards import chunk_shards, make_shards
from restem.sampling.store import Round, Store

SAMPLING = Sampling(0.7, 40, 1.0, 16, 0)
ROWS = 32


def problems(count: int) -> list[Problem]:
    return [
        Problem(f"p{i:03d}", "t", "train", "s", 1, "q", f"prompt {i}", (), "{}", None)
        for i in range(count)
    ]


class Parrot:
    """An engine that says which sample it was asked for, last shard first within a window."""

    def __init__(self, break_after: int = 10**9) -> None:
        self.timing = {"start": 0.25, "load": 0.5}
        self.asked: list[str] = []
        self._break_after = break_after

    def generate(
        self, shards: Iterable[Shard], sampling: Sampling
    ) -> Iterator[tuple[Shard, list[list[Completion]]]]:
        window: list[Shard] = []
        for shard in shards:
            window.append(shard)
            if len(window) == 3:
                yield from self._answer(window)
        while window:
            yield from self._answer(window)

    def _answer(self, window: list[Shard]) -> Iterator[tuple[Shard, list[list[Completion]]]]:
        if len(self.asked) == self._break_after:
            raise EngineError("broken")
        shard = window.pop()
        self.asked.append(shard.name)
        yield (
            shard,
            [
                [Completion(f"{r.problem_id} {i}", 3, "stop", -1.0) for i in range(r.first, r.last)]
                for r in shard.requests
            ],
        )


@contextmanager
def drawing(path: Path, engine: Parrot, again: bool = False) -> Iterator[Drawing]:
    @contextmanager
    def opened() -> Iterator[Engine]:
        yield engine

    store = Store(Scratch(path), {"policy": "x"})
    with Drawing(store, opened, SAMPLING, again) as found:
        yield found


def all_rounds(count: int, num_samples: int) -> list[Round]:
    return [(problems(count), first) for first in range(0, num_samples, 8)]


def e_step(path: Path, engine: Parrot, count: int, num_samples: int) -> list[SampleRow]:
    with drawing(path, engine) as work:
        list(work.draw("x", lambda: make_shards(problems(count), num_samples, ROWS)))
        return list(work.store.merged(all_rounds(count, num_samples), ROWS, num_samples))


@pytest.mark.parametrize(("count", "num_samples"), [(1, 1), (10, 8), (23, 20), (40, 33)])
def test_rows_are_complete_and_in_order(tmp_path: Path, count: int, num_samples: int) -> None:
    rows = e_step(tmp_path, Parrot(), count, num_samples)
    assert [(r.problem_id, r.sample_index) for r in rows] == [
        (p.problem_id, i) for p in problems(count) for i in range(num_samples)
    ]
    assert all(r.text == f"{r.problem_id} {r.sample_index}" for r in rows)
    assert len({r.sample_id for r in rows}) == len(rows)


def test_more_of_everything_draws_what_is_missing_and_ends_the_same(tmp_path: Path) -> None:
    small, large, fresh = Parrot(), Parrot(), Parrot()
    e_step(tmp_path / "a", small, 60, 8)
    grown = e_step(tmp_path / "a", large, 80, 24)
    assert grown == e_step(tmp_path / "b", fresh, 80, 24)
    assert not set(small.asked) & set(large.asked)
    assert len(set(small.asked) - set(fresh.asked)) <= 1  # the last run has grown


def test_shards_survive_what_breaks_later(tmp_path: Path) -> None:
    broken, rest = Parrot(break_after=5), Parrot()
    with pytest.raises(EngineError):
        e_step(tmp_path, broken, 50, 16)
    rows = e_step(tmp_path, rest, 50, 16)
    assert len(rows) == 800
    assert len(broken.asked) == 5
    assert not set(broken.asked) & set(rest.asked)


def test_the_engine_does_not_start_for_nothing(tmp_path: Path) -> None:
    e_step(tmp_path, Parrot(), 10, 8)
    with drawing(tmp_path, Parrot()) as work:
        found = list(work.draw("x", lambda: make_shards(problems(10), 8, ROWS)))
        assert work.seconds == {"start": 0.0, "load": 0.0, "generate": 0.0}
        assert (work.num_kept, work.num_drawn) == (len(found), 0)


def test_what_is_drawn_again_replaces_what_was_there(tmp_path: Path) -> None:
    e_step(tmp_path, Parrot(), 10, 8)
    engine = Parrot()
    with drawing(tmp_path, engine, again=True) as work:
        shards = list(work.draw("x", lambda: make_shards(problems(10), 8, ROWS)))
    assert sorted(s.name for s in shards) == sorted(engine.asked)


# ---- sample.stop_after_correct


def budget(
    path: Path, engine: Parrot, is_correct: Callable[[str, int], bool], enough: int, most: int = 32
) -> tuple[list[Round], list[SampleRow]]:
    with drawing(path, engine) as work:

        def judge(shard: Shard) -> list[SampleRow]:
            return [r for r in work.store.rows(shard) if is_correct(r.problem_id, r.sample_index)]

        def draw(one: Round) -> Iterator[Shard]:
            return work.draw("x", lambda: chunk_shards(*one, ROWS, most))

        rounds = rounds_until(problems(30), most, enough, draw, judge)
        return rounds, list(work.store.merged(rounds, ROWS, most))


def drawn(rows: list[SampleRow]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.problem_id] = counts.get(row.problem_id, 0) + 1
    return counts


def test_a_problem_with_enough_correct_solutions_is_left_alone(tmp_path: Path) -> None:
    """p000 to p009 are always right, p010 to p019 one time in eight, the others never."""
    rounds, rows = budget(
        tmp_path, Parrot(), lambda p, i: p < "p010" or (p < "p020" and i % 8 == 0), enough=2
    )
    counts = drawn(rows)
    assert [counts[f"p{i:03d}"] for i in range(30)] == [8] * 10 + [16] * 10 + [32] * 10
    assert [len(still) for still, _ in rounds] == [30, 20, 10, 10]
    places = [(r.problem_id, r.sample_index) for r in rows]
    assert places == sorted(places)


def test_one_thread_judges_all_rounds(tmp_path: Path) -> None:
    """The verifier's processes end with the thread that started them."""
    threads = set()

    def wrong(problem_id: str, index: int) -> bool:
        threads.add(threading.get_ident())
        return False

    rounds, _ = budget(tmp_path, Parrot(), wrong, enough=1)
    assert len(rounds) == 4
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_equal_solutions_count_once(tmp_path: Path) -> None:
    class Mumbler(Parrot):
        def generate(
            self, shards: Iterable[Shard], sampling: Sampling
        ) -> Iterator[tuple[Shard, list[list[Completion]]]]:
            for shard, texts in super().generate(shards, sampling):
                yield shard, [[Completion("same", 1, "stop", None) for _ in t] for t in texts]

    _, rows = budget(tmp_path, Mumbler(), lambda p, i: True, enough=2, most=16)
    assert set(drawn(rows).values()) == {16}


def test_a_resumed_budget_is_the_uninterrupted_one(tmp_path: Path) -> None:
    def right(problem_id: str, index: int) -> bool:
        return int(problem_id[1:]) * 7 % 5 > index % 5

    expected = budget(tmp_path / "a", Parrot(), right, enough=5)
    with pytest.raises(EngineError):
        budget(tmp_path / "b", Parrot(break_after=9), right, enough=5)
    assert budget(tmp_path / "b", Parrot(), right, enough=5) == expected


def test_a_budget_of_one_sample_draws_one(tmp_path: Path) -> None:
    engine = Parrot()
    rounds, rows = budget(tmp_path, engine, lambda p, i: False, enough=1, most=1)
    assert [first for _, first in rounds] == [0]
    with drawing(tmp_path, Parrot()) as work:
        stored = [
            row for shard in chunk_shards(*rounds[0], ROWS, 1) for row in work.store.rows(shard)
        ]
    assert stored == rows
    assert len(rows) == 30


def test_no_sample_beyond_the_last_one_counts(tmp_path: Path) -> None:
    """The chunk that is drawn last holds more samples than are asked for."""
    rounds, rows = budget(tmp_path, Parrot(), lambda p, i: i >= 12, enough=1, most=12)
    assert len(rounds) == 2
    assert set(drawn(rows).values()) == {12}
