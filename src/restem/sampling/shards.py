"""Cut an E-step into shards: the unit of work, of loss after a kill, and of batch composition.

The cuts do not depend on how many samples are asked for: the samples of a problem come in fixed
chunks [0, 8), [8, 16), …, so asking for more of them draws only the missing chunks and leaves the
bytes of the others alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

from restem.core.protocols import Request, Shard
from restem.core.records import Problem
from restem.core.seeds import stable_hash

SAMPLES_PER_SHARD = 8


def make_shards(
    problems: Sequence[Problem], num_samples: int, batch_rows: int, greedy: bool = False
) -> list[Shard]:
    """Shards that together hold samples 0 ..< num_samples of every problem, chunk by chunk,
    problems in the given order.

    num_samples: rounded up to whole chunks; the caller drops the surplus. batch_rows: most rows of
    a shard, a single problem's chunk apart. greedy: one sample per problem, whatever num_samples
    says.

    Names sort in the order of the shards, and contain a hash: other prompts, ids or stops give
    other names.
    """
    chunk = 1 if greedy else SAMPLES_PER_SHARD
    per_shard = max(1, batch_rows // chunk)
    shards = []
    for first in range(0, 1 if greedy else num_samples, chunk):
        for start in range(0, len(problems), per_shard):
            requests = tuple(
                Request(p.problem_id, p.prompt, p.stop, first, first + chunk)
                for p in problems[start : start + per_shard]
            )
            digest = stable_hash([astuple(request) for request in requests])[:8]
            shards.append(Shard(f"s{first:06d}-p{start:06d}-{digest}", requests))
    return shards
