"""Stop sampling problems that have enough correct solutions (`sample.stop_after_correct`).

The E-step goes in rounds of 8 samples of every problem that is still open. What a round holds is a
function of the verdicts on the rounds before it, never of timing, so that a resumed E-step is the
uninterrupted one. (A fault of the verifier counts as not correct, and may differ next time.)
Source of the idea: DART-Math (arXiv 2407.13690), which samples until hard problems have as many
correct solutions as easy ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from restem.core.protocols import Shard
from restem.core.records import Problem, SampleRow
from restem.sampling.shards import chunk_size
from restem.sampling.store import Round

Draw = Callable[[Round], Iterator[Shard]]
"""Draws a round: its shards, each once it is in the store."""
Judge = Callable[[Shard], list[SampleRow]]
"""The correct samples of a shard."""


def rounds_until(
    problems: Sequence[Problem], num_samples: int, enough: int, draw: Draw, judge: Judge
) -> list[Round]:
    """Draw round after round until every problem has `enough` distinct correct solutions, or
    num_samples; the rounds that were drawn.

    Shards are judged, one at a time, while the next ones are drawn.
    """
    correct: dict[str, set[str]] = {p.problem_id: set() for p in problems}
    rounds: list[Round] = []
    # One thread for all rounds: the verifier's processes end with the thread that started them.
    with ThreadPoolExecutor(1, "judge") as thread:
        for first in range(0, num_samples, chunk_size(num_samples)):
            still = [p for p in problems if len(correct[p.problem_id]) < enough]
            if not still:
                break
            rounds.append((still, first))
            for found in _judged(draw(rounds[-1]), judge, thread):
                for row in found:
                    if row.sample_index < num_samples:
                        correct[row.problem_id].add(row.text)
    return rounds


def _judged(
    shards: Iterable[Shard], judge: Judge, thread: ThreadPoolExecutor
) -> Iterator[list[SampleRow]]:
    waiting: list[Future[list[SampleRow]]] = []
    try:
        for shard in shards:
            waiting.append(thread.submit(judge, shard))
            while waiting and waiting[0].done():
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()
    finally:
        for future in waiting:
            future.cancel()
