"""Engine `replay`: completions that were drawn elsewhere (another machine, an API, a larger model)
instead of new ones.

`sample.replay` is a path without suffix; PATH.jsonl, PATH.jsonl.gz or PATH.parquet is read. Rows
hold "problem_id" and "text", and "finish_reason" ("stop" or "length") and "num_tokens" where they
are known; other fields are ignored. The sample_index of a row is its place among the rows of its
problem.
"""

from __future__ import annotations

import gzip
import json
import logging
import reprlib
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from restem.core.errors import DataError
from restem.core.params import Machine, Sample
from restem.core.protocols import Engine, Sampling, Shard
from restem.core.records import Completion

_SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")
_FIELDS = ("problem_id", "text", "finish_reason", "num_tokens")
_MOST_TOKENS = 2**31 - 1  # num_tokens is an int32 in samples.parquet

log = logging.getLogger(__name__)


@contextmanager
def open_engine(model_dir: Path, sample: Sample, machine: Machine) -> Iterator[Engine]:
    """An engine that hands out the recorded completions; the model and the sampling values play no
    part.

    Raises: DataError if the file is missing, empty or malformed, with file and line.
    """
    started = time.monotonic()
    path = find(Path(sample.replay))
    yield _Replay(path, read(path), time.monotonic() - started)


def find(stem: Path) -> Path:
    """The file of recorded completions. Raises: DataError if there is none, or more than one."""
    found = [path for suffix in _SUFFIXES if (path := stem.with_name(stem.name + suffix)).is_file()]
    if len(found) != 1:
        there = ", ".join(path.name for path in found) or "none of them"
        raise DataError(
            f"recorded completions must be one of {stem}{{{','.join(_SUFFIXES)}}}, found {there}. "
            "The folder is sample.replay in params.yaml."
        )
    return found[0]


def read(path: Path) -> dict[str, list[Completion]]:
    """Completions by problem. Raises: DataError with file and line."""
    recorded = _by_problem(_parquet_rows(path) if path.suffix == ".parquet" else _json_rows(path))
    if not recorded:
        raise DataError(f"{path} holds no completions. Record it again.")
    return recorded


class _Replay:
    def __init__(self, path: Path, recorded: dict[str, list[Completion]], load: float) -> None:
        self._path, self._recorded = path, recorded
        self.timing: Mapping[str, float] = {"start": 0.0, "load": load}

    def generate(
        self, shards: Iterable[Shard], sampling: Sampling
    ) -> Iterator[tuple[Shard, list[list[Completion]]]]:
        """See Engine; fewer completions, or none, where fewer are recorded, and a warning where
        more are.

        Raises: DataError after the last shard if the file holds problems that were not asked for.
        """
        asked: dict[str, int] = {}
        for shard in shards:
            for r in shard.requests:
                asked[r.problem_id] = max(r.last, asked.get(r.problem_id, 0))
            yield (
                shard,
                [self._recorded.get(r.problem_id, [])[r.first : r.last] for r in shard.requests],
            )
        self._account(asked)

    def _account(self, asked: Mapping[str, int]) -> None:
        """Nothing recorded is lost unseen. asked: how many completions, by problem."""
        if lost := sorted(self._recorded.keys() - asked):
            raise DataError(
                f"{self._path}: {len(lost)} problem_ids are not asked for, first {lost[0]!r}. "
                "Their completions would be lost; compare with data/problems/train.parquet."
            )
        beyond = [n for i, found in self._recorded.items() if (n := len(found) - asked[i]) > 0]
        if beyond:
            log.warning("%s: %d recorded completions of %d problems are beyond what was asked for; "
                        "raise samples_per_problem",
                        self._path, sum(beyond), len(beyond))  # fmt: skip


def _by_problem(rows: Iterable[tuple[str, Mapping[str, object]]]) -> dict[str, list[Completion]]:
    """Completions per problem, in order. rows: (where, fields)."""
    recorded: dict[str, list[Completion]] = {}
    for where, row in rows:
        problem_id, text = (_text(row, key, where) for key in ("problem_id", "text"))
        recorded.setdefault(problem_id, []).append(
            Completion(text, _num_tokens(row, where), _finish_reason(row, where), None)
        )
    return recorded


def _text(row: Mapping[str, object], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        problem = f"must be a string, got {reprlib.repr(value)}" if key in row else "is missing"
        raise DataError(f"{where}: {key} {problem}.")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # JSON can write half of a pair: "\ud800"
        half = value[error.start]
        raise DataError(f"{where}: {key} holds {half!r}, a lone surrogate: no text.") from error
    return value


def _finish_reason(row: Mapping[str, object], where: str) -> str:
    """`stop` where nobody recorded it."""
    value = row.get("finish_reason")
    if value is None:
        return "stop"
    if value not in ("stop", "length"):
        got = reprlib.repr(value)
        raise DataError(f'{where}: finish_reason must be "stop" or "length", got {got}.')
    return str(value)


def _num_tokens(row: Mapping[str, object], where: str) -> int:
    """0 where nobody counted them."""
    value = row.get("num_tokens")
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_TOKENS:
        got = reprlib.repr(value)
        raise DataError(f"{where}: num_tokens must be an integer >= 0, got {got}.")
    return value


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
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: no JSON: {error}.") from error
    if not isinstance(row, dict):
        start = line[:40].decode(errors="replace")
        raise DataError(f"{where}: must be a JSON object, got {start!r}.")
    return row


def _parquet_rows(path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            wanted = [name for name in _FIELDS if name in file.schema_arrow.names]
            rows = file.read(wanted, use_threads=False).to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} is no complete Parquet file: {str(error).splitlines()[0]}"
        ) from error
    for number, row in enumerate(rows, 1):
        yield f"{path}: row {number}", row
