"""Rows of a task's files: JSON Lines (also gzipped), JSON, Arrow and Parquet.

Whatever is wrong with a file is one DataError with its name and line (of Arrow and Parquet: its
row). Rows come one by one, so that a file of a gigabyte is never in memory as a whole.
"""

from __future__ import annotations

import gzip
import json
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from restem.core.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

JSON_LINES = (".jsonl", ".jsonl.gz")
TABLES = (*JSON_LINES, ".parquet", ".arrow")
_GAP = re.compile(r"[\s,]*")  # between the items of a list
MAX_DIGITS = 4000  # json cannot read longer whole numbers (sys.set_int_max_str_digits)


@dataclass(frozen=True, slots=True)
class Row:
    """One record."""

    number: int
    """Place in its file, from 0; blank lines count."""
    where: str
    """File and line, as messages name them."""
    values: Mapping[str, object]

    def text(self, *names: str) -> str:
        """The first of these fields that is there. Raises: DataError if none is, or it is no text.

        A blank text counts as none.
        """
        value = next((self.values[n] for n in names if self.values.get(n) is not None), None)
        if not isinstance(value, str) or not value.strip():
            wanted = '" or "'.join(names)
            got = f"it has {', '.join(self.values)}" if value is None else f"got {value!r:.40}"
            raise DataError(f'{self.where}: needs a text "{wanted}", {got}.')
        if not storable(value):
            raise DataError(
                f'{self.where}: "{names[0]}" holds half a character (a lone surrogate).'
            )
        return value

    def optional(self, *names: str) -> str | None:
        """The same, but None where there is nothing or a blank text. Raises: DataError."""
        there = [n for n in names if self.values.get(n) not in (None, "")]
        return self.text(*there) if there else None


def storable(text: str) -> bool:
    """Whether a text is valid Unicode: JSON may hold lone surrogates, UTF-8 may not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def find(folder: Path, name: str, endings: tuple[str, ...] = JSON_LINES) -> Path | None:
    """The first of NAME.jsonl, NAME.jsonl.gz, ... that is in the folder."""
    paths = (folder / f"{name}{ending}" for ending in endings)
    return next((path for path in paths if path.is_file()), None)


def need(folder: Path, name: str, source: str, endings: tuple[str, ...] = JSON_LINES) -> Path:
    """The same. source: where to get it. Raises: DataError if it is not there."""
    path = find(folder, name, endings)
    if path is None:
        others = " or ".join(endings[1:])
        raise DataError(
            f"{folder / name}{endings[0]} (or {others}) is missing (params.yaml, data.path). "
            f"Get it from {source}."
        )
    return path


def rows(path: Path) -> Iterator[Row]:
    """Rows of a file with one of the endings in TABLES. Raises: DataError naming file and line."""
    if path.suffix in (".parquet", ".arrow"):
        yield from _table(path)
        return
    for number, line in _lines(path):
        where = f"{path}:{number + 1}"
        yield Row(number, where, fields(parse(line, where), where))


def fields(value: object, where: str) -> Mapping[str, object]:
    """A JSON value as the fields of a row. Raises: DataError if it is no object."""
    if not isinstance(value, dict):
        raise DataError(f"{where}: a row must be a JSON object, got {str(value)[:40]!r}.")
    return value


def json_file(path: Path) -> object:
    """The value a JSON file holds. Raises: DataError naming file and line."""
    return parse(read_text(path), f"{path}:{{line}}")


def json_list(path: Path) -> Iterator[Row]:
    """Rows of a JSON file that holds a list. Raises: DataError naming file and line."""
    text = read_text(path)
    value = parse(text, f"{path}:{{line}}")
    if not isinstance(value, list):
        raise DataError(f"{path}:1: must hold a JSON list, got {text[:40]!r}.")
    decoder, start = json.JSONDecoder(parse_int=_whole), text.index("[") + 1
    line = 1 + text.count("\n", 0, start)
    for number, item in enumerate(value):
        at = _GAP.match(text, start).end()  # type: ignore[union-attr]  # matches nothing, too
        line += text.count("\n", start, at)
        where = f"{path}:{line}"
        yield Row(number, where, fields(item, where))
        _, start = decoder.raw_decode(text, at)
        line += text.count("\n", at, start)


def parse(text: str, where: str) -> object:
    """A JSON text as a value; whole numbers of more than 4,000 digits become infinity.

    where: for messages; `{line}` in it stands for the line within the text.
    Raises: DataError.
    """
    try:
        return json.loads(text, parse_int=_whole)
    except json.JSONDecodeError as error:
        place, reason = where.replace("{line}", str(error.lineno)), error.msg
    except RecursionError:
        place, reason = where.replace("{line}", "1"), "nested too deeply"
    raise DataError(f"{place}: no JSON ({reason}). Download the file again.")


def _whole(digits: str) -> float:
    return int(digits) if len(digits) <= MAX_DIGITS else math.inf


def read_text(path: Path) -> str:
    """A whole file. Raises: DataError if it cannot be read or is no UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")  # some editors leave a mark
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}: no UTF-8. Download the file again.") from error


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Place, from 0, and text of every line that is not blank."""
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file):
                if text := line.decode("utf-8" if number else "utf-8-sig").strip():
                    yield number, text
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{number + 1}: no UTF-8. Download the file again.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}. Download it again.") from error


def _table(path: Path) -> Iterator[Row]:
    import pyarrow as pa

    number = 0
    try:
        for batch in _batches(path):
            for values in batch.to_pylist():
                yield Row(number, f"{path}:{number + 1}", values)
                number += 1
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"cannot read {path}: {reason}. Download it again.") from error


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Parquet, or Arrow as `datasets` stores it (a stream) or as a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        yield from pq.ParquetFile(path).iter_batches(batch_size=64, use_threads=False)
        return
    with pa.memory_map(str(path)) as source:
        try:
            yield from pa.ipc.open_stream(source)
        except pa.ArrowInvalid:
            source.seek(0)
            opened = pa.ipc.open_file(source)
            yield from (opened.get_batch(k) for k in range(opened.num_record_batches))
