"""Cut an E-step into shards: the unit of work, of loss after a kill, and of batch composition.

What a shard holds is decided by its problems alone, so that most shards of a larger E-step are
those of a smaller one, and need not be drawn again:

    more samples    the samples of a problem come in fixed chunks [0, 8), [8, 16), …; where
                    one is asked for, the chunk is [0, 1)
    more problems   a run of problems is cut where the hash of a problem says so, hence a new
                    problem changes the run it falls into and those until the next common cut
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from restem.core.protocols import Request, Shard
from restem.core.records import Problem
from restem.core.seeds import stable_hash

SAMPLES_PER_SHARD = 8
_Run = list[tuple[Problem, str]]
"""Problems that are drawn together, each with its hash."""


def make_shards(
    problems: Sequence[Problem], num_samples: int, batch_rows: int, greedy: bool = False
) -> Iterator[Shard]:
    """Shards that together hold samples 0 ..< num_samples of every problem, chunk by chunk,
    problems in the given order.

    num_samples: rounded up to whole chunks; the caller drops the surplus. batch_rows: most rows of
    a shard, a single problem's chunk apart. greedy: one sample per problem, whatever num_samples
    says.
    """
    chunk = 1 if greedy else chunk_size(num_samples)
    runs = _runs(problems, max(1, batch_rows // chunk))
    for first in range(0, 1 if greedy else num_samples, chunk):
        yield from (_shard(run, first, first + chunk) for run in runs)


def chunk_size(num_samples: int) -> int:
    """Samples of a problem in one shard, in an E-step of num_samples per problem."""
    return 1 if num_samples == 1 else SAMPLES_PER_SHARD


def chunk_shards(
    problems: Sequence[Problem], first: int, batch_rows: int, num_samples: int
) -> Iterator[Shard]:
    """Shards of one chunk, which starts at sample `first`: of every problem, in the given order.

    num_samples: of the whole E-step, see `chunk_size`.
    """
    chunk = chunk_size(num_samples)
    for run in _runs(problems, max(1, batch_rows // chunk)):
        yield _shard(run, first, first + chunk)


def _runs(problems: Sequence[Problem], size: int) -> list[_Run]:
    """At most `size` problems each, and at least half of that but for the last."""
    runs: list[_Run] = []
    for problem in problems:
        digest = stable_hash(problem.problem_id, problem.prompt, problem.stop)
        run = runs[-1] if runs else []
        at_cut = 2 * len(run) >= size and int(digest[:8], 16) % max(2, size // 4) == 0
        if not run or len(run) == size or at_cut:
            runs.append(run := [])
        run.append((problem, digest))
    return runs


def _shard(run: _Run, first: int, last: int) -> Shard:
    """Its name is a hash of all it holds: other prompts, ids or stops give other names."""
    digest = stable_hash([digest for _, digest in run], last)[:16]
    requests = (Request(p.problem_id, p.prompt, p.stop, first, last) for p, _ in run)
    return Shard(f"s{first:06d}-{digest}", tuple(requests))
