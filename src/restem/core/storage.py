"""Parquet files between stages: their columns, and reading and writing them.

Files are written whole, sorted by the caller, without timestamps or paths, so that the same rows
give the same bytes. `datasets.load_dataset("parquet", data_files=...)` reads every one of them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from restem.core.errors import DataError
from restem.core.records import Problem
from restem.core.scratch import replacing, write_atomically

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, object]
ABOUT = "restem.about"
"""Key in the metadata of a Parquet file."""
ROWS_PER_GROUP, ROWS_PER_BATCH = 16_384, 2_048  # held in memory when writing and when reading


def _columns(text: str) -> dict[str, str]:
    """ "a b:int32" as {"a": "string", "b": "int32"}."""
    pairs = (word.partition(":") for word in text.split())
    return {name: kind or "string" for name, _, kind in pairs}


_SAMPLE = (
    "problem_id sample_index:int32 text num_tokens:int32 finish_reason logprob:float64 sample_id"
)
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "problems": _columns(
        "problem_id task split subject level:int32 question prompt stop:list gold human_solution"
    ),
    "samples": _columns(_SAMPLE),
    "scored": _columns(f"{_SAMPLE} answer reward:float64 outcome detail grader"),
    "train": _columns("prompt completion weight:float64 problem_id sample_id"),
    "eval": _columns(
        "set problem_id subject level:int32 greedy:int32 outcome text answer num_tokens:int32 "
        "num_samples:int32 num_correct:int32 maj:float64"
    ),
    "ledger": _columns("problem_id sample_index:int32 answer normal outcome detail strict"),
}
"""eval: `greedy` 0/1; `num_samples` and `num_correct` of the sampled evaluation (null where a
problem was not sampled);
`maj`: chance in [0, 1] that the majority vote is right (ties are shared).
ledger: `normal` is the answer in normal form, null for programs; `strict` is the outcome by the
second grader."""


def schema(table: str) -> pa.Schema:
    """The Arrow schema of a table of COLUMNS."""
    import pyarrow as pa

    kinds = {
        "string": pa.string(),
        "int32": pa.int32(),
        "float64": pa.float64(),
        "list": pa.list_(pa.string()),
    }
    return pa.schema([(name, kinds[kind]) for name, kind in COLUMNS[table].items()])


def to_bytes(table: str, rows: Iterable[Mapping[str, object]]) -> bytes:
    """Rows as one Parquet file (zstd); a missing or extra column is our own bug."""
    buffer = io.BytesIO()
    _stream(table, rows, buffer)
    return buffer.getvalue()


def write_rows(
    table: str, path: Path, rows: Iterable[Mapping[str, object]], about: object = None
) -> None:
    """Holds one row group in memory, however many rows come. about: JSON-able, for `read_about`;
    an empty one leaves the bytes as they are without. Raises: ResumeError when the disk is full."""
    with replacing(path) as file:
        _stream(table, rows, file, about)


def _stream(
    table: str, rows: Iterable[Mapping[str, object]], file: BinaryIO, about: object = None
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names, remaining, kind = list(COLUMNS[table]), iter(rows), schema(table)
    if about:
        kind = kind.with_metadata({ABOUT: json.dumps(about, sort_keys=True)})
    with pq.ParquetWriter(file, kind, compression="zstd") as writer:
        while group := list(islice(remaining, ROWS_PER_GROUP)):
            assert all(list(row) == names for row in group), f"{table}: columns must be {names}"
            writer.write_table(pa.Table.from_pylist(group, kind))


def from_bytes(table: str, content: bytes, where: str) -> list[Row]:
    """Rows of a Parquet file in memory.

    Raises: DataError naming `where` if it is truncated or has other columns.
    """
    import pyarrow as pa

    return list(_rows(table, pa.BufferReader(content), where))


def read_rows(table: str, path: Path) -> list[Row]:
    """Raises: DataError if the file is missing, truncated, or has other columns."""
    return list(iter_rows(table, path))


def iter_rows(table: str, path: Path) -> Iterator[Row]:
    """The rows one after the other, a few thousand in memory. Raises: DataError, see read_rows."""
    import pyarrow as pa

    try:
        source = pa.PythonFile(path.open("rb"), mode="r")
    except OSError as error:
        raise DataError(
            f"cannot read {path}: {error.strerror}. Run `dvc repro` (or `dvc pull`) to make it."
        ) from error
    with source:
        yield from _rows(table, source, str(path))


def read_about(path: Path) -> object:
    """What `write_rows` was told about the rows; None where it was nothing. Raises: DataError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pa.PythonFile(path.open("rb"), mode="r") as file:
            told = pq.read_schema(file).metadata or {}
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is no Parquet file. Delete it and run `dvc repro`.") from error
    return json.loads(told[ABOUT.encode()]) if ABOUT.encode() in told else None


def _rows(table: str, source: pa.NativeFile, where: str) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = schema(table)
    try:
        # One thread: Arrow's own may outlive Python at exit and abort it (apache/arrow#34314).
        file = pq.ParquetFile(source, pre_buffer=False)
        if missing := set(wanted.names) - set(file.schema_arrow.names):
            raise KeyError(f"no column {min(missing)}")
        for batch in file.iter_batches(ROWS_PER_BATCH, columns=wanted.names, use_threads=False):
            yield from pa.Table.from_batches([batch]).select(wanted.names).cast(wanted).to_pylist()
    except (pa.ArrowException, KeyError, OSError) as error:
        reason = str(error).strip("'").splitlines()[0].rstrip(".")
        raise DataError(
            f"{where} is no complete {table} table: {reason}. Delete it and run `dvc repro`."
        ) from error


def write_problems(path: Path, problems: Iterable[Problem]) -> None:
    """All but `references`."""
    names = COLUMNS["problems"]
    rows = ({**asdict(p), "stop": list(p.stop)} for p in problems)
    write_rows("problems", path, ({name: row[name] for name in names} for row in rows))


def read_problems(path: Path) -> list[Problem]:
    return [Problem(**{**row, "stop": tuple(row["stop"])}) for row in read_rows("problems", path)]  # type: ignore[arg-type]  # the schema types them


def write_json(path: Path, value: object) -> None:
    """Sorted keys, one trailing newline."""
    write_atomically(
        path, (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    )


def read_json(path: Path) -> dict[str, object]:
    """Raises: DataError if the file is missing or no JSON object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"cannot read {path}: {error.strerror}. Run `dvc repro` (or `dvc pull`) to make it."
        ) from error
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}"
        raise DataError(f"{where}: {error.msg}. Delete it and run `dvc repro`.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no UTF-8: {error}. Delete it and run `dvc repro`.") from error
    if not isinstance(value, dict):
        raise DataError(f"{path} holds no JSON object. Delete it and run `dvc repro`.")
    return value
