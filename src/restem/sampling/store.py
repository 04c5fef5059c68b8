"""The samples of one contract, shard by shard, in a scratch folder.

A shard is a Parquet file under a name made of its content: written whole and synced, or not there.
So a kill costs the shards under way, and larger E-steps of the same contract find the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from heapq import merge
from pathlib import Path

from restem.core import storage
from restem.core.protocols import Shard
from restem.core.records import Completion, Problem, SampleRow
from restem.core.scratch import Scratch
from restem.core.seeds import stable_hash
from restem.sampling.shards import chunk_shards

Round = tuple[Sequence[Problem], int]
"""Problems sorted by id, and the first of the samples that are drawn of each."""


class Store:
    """Finished shards."""

    def __init__(self, work: Scratch, contract: Mapping[str, object]) -> None:
        self._work, self._contract = work, contract

    @property
    def path(self) -> Path:
        return self._work.path

    def has(self, shard: Shard) -> bool:
        return self._work.done(shard.name)

    def add(self, shard: Shard, completions: list[list[Completion]]) -> None:
        """Raises: ResumeError when the disk is full; shards added before stay."""
        rows = [
            SampleRow(
                problem_id=request.problem_id,
                sample_index=index,
                **asdict(completion),
                sample_id=stable_hash(request.problem_id, request.prompt, self._contract, index)[
                    :24
                ],
            )
            for request, texts in zip(shard.requests, completions, strict=True)
            for index, completion in enumerate(texts, request.first)
        ]
        self._work.write(shard.name, storage.to_bytes("samples", map(asdict, rows)))

    def rows(self, shard: Shard) -> list[SampleRow]:
        """Sorted by (problem_id, sample_index) if the shard's problems are."""
        content, where = self._work.read(shard.name), str(self._work.path / shard.name)
        return [SampleRow(**row) for row in storage.from_bytes("samples", content, where)]  # type: ignore[arg-type]  # the schema types them

    def merged(
        self, rounds: Sequence[Round], batch_rows: int, num_samples: int
    ) -> Iterator[SampleRow]:
        """Samples 0 ..< num_samples of all rounds, sorted by (problem_id, sample_index).

        Holds one shard of each round in memory.
        """
        streams = (self._of_round(*one, batch_rows, num_samples) for one in rounds)
        return merge(*streams, key=lambda row: (row.problem_id, row.sample_index))

    def adopted(
        self, rounds: Sequence[Round], batch_rows: int, num_samples: int
    ) -> list[dict[str, object]]:
        """Which shards of all rounds were drawn by earlier code; empty where none was."""
        shards = (shard for one in rounds for shard in chunk_shards(*one, batch_rows, num_samples))
        names = {shard.name for shard in shards}
        found = [(one, len(names & set(one.parts))) for one in self._work.adopted]
        return [one.told(f"{count} of {len(names)} shards") for one, count in found if count]

    def _of_round(
        self, problems: Sequence[Problem], first: int, batch_rows: int, num_samples: int
    ) -> Iterator[SampleRow]:
        """A shard may hold a few more samples than are asked for."""
        for shard in chunk_shards(problems, first, batch_rows, num_samples):
            yield from (row for row in self.rows(shard) if row.sample_index < num_samples)
