"""Engine `replay`: completions that were drawn elsewhere (another machine, an API, a larger model)
instead of new ones.

`sample.replay` is a path without suffix; PATH.jsonl, PATH.jsonl.gz or PATH.parquet is read. Rows
hold "problem_id" and "text"; other fields are ignored. The sample_index of a row is its place among
the rows of its problem.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from restem.core.errors import DataError
from restem.core.params import Machine, Sample
from restem.core.protocols import Engine, Sampling, Shard
from restem.core.records import Completion

_SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")


@contextmanager
def open_engine(model_dir: Path, sample: Sample, machine: Machine) -> Iterator[Engine]:
    """An engine that hands out the recorded completions; the model and the sampling values play no
    part.

    Raises: DataError if the file is missing or malformed, with file and line.
    """
    stem = Path(sample.replay)
    found = [path for suffix in _SUFFIXES if (path := stem.with_name(stem.name + suffix)).is_file()]
    if len(found) != 1:
        there = ", ".join(path.name for path in found) or "none of them"
        raise DataError(
            f"recorded completions must be one of {stem}{{{','.join(_SUFFIXES)}}}, found {there}. "
            "The folder is sample.replay in params.yaml."
        )
    rows = _parquet_rows(found[0]) if found[0].suffix == ".parquet" else _json_rows(found[0])
    yield _Replay(found[0], _by_problem(rows))


class _Replay:
    def __init__(self, path: Path, texts: dict[str, list[str]]) -> None:
        self._path, self._texts = path, texts

    def generate(
        self, shards: Iterable[Shard], sampling: Sampling
    ) -> Iterator[tuple[Shard, list[list[Completion]]]]:
        """See Engine; fewer completions, or none, where fewer are recorded. num_tokens is 0: nobody
        counted them.

        Raises: DataError after the last shard if the file holds problems that were not asked for.
        """
        asked = set()
        for shard in shards:
            asked |= {r.problem_id for r in shard.requests}
            yield (
                shard,
                [
                    [
                        Completion(text, 0, "stop", None)
                        for text in self._texts.get(r.problem_id, [])[r.first : r.last]
                    ]
                    for r in shard.requests
                ],
            )
        if lost := sorted(self._texts.keys() - asked):
            raise DataError(
                f"{self._path}: {len(lost)} problem_ids are not asked for, first {lost[0]!r}. "
                "Their completions would be lost; compare with data/problems/train.parquet."
            )


def _by_problem(rows: Iterable[tuple[str, Mapping[str, object]]]) -> dict[str, list[str]]:
    """Texts per problem, in order. rows: (where, fields)."""
    texts: dict[str, list[str]] = {}
    for where, row in rows:
        for key in ("problem_id", "text"):
            if not isinstance(row.get(key), str):
                problem = f"must be a string, got {row[key]!r}" if key in row else "is missing"
                raise DataError(f"{where}: {key} {problem}.")
        texts.setdefault(str(row["problem_id"]), []).append(str(row["text"]))
    return texts


def _json_rows(path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for line in file:
                number += 1
                if line.strip():
                    yield f"{path}:{number}", _json_object(line, f"{path}:{number}")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}:{number + 1}: cannot be read: {error}. Record it again."
        ) from error


def _json_object(line: bytes, where: str) -> dict[str, object]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where}: no JSON: {error}.") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: must be a JSON object, got {line[:40].decode()!r}.")
    return row


def _parquet_rows(path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            wanted = [name for name in ("problem_id", "text") if name in file.schema_arrow.names]
            rows = file.read(columns=wanted).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{path} is no complete Parquet file: {str(error).splitlines()[0]}"
        ) from error
    for number, row in enumerate(rows, 1):
        yield f"{path}: row {number}", row
