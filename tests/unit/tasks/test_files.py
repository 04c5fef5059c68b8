"""Rows come out of every format alike, and what is wrong is named with file and line."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from restem.core.errors import DataError
from restem.tasks import files

ROWS = [{"question": f"{n}?", "answer": "é"} for n in range(130)]


def write(path: Path) -> Path:
    table = pa.Table.from_pylist(ROWS)
    text = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.name == "file.arrow":
        with pa.ipc.new_file(path, table.schema) as sink:
            sink.write_table(table, max_chunksize=50)
    elif path.suffix == ".arrow":
        with pa.ipc.new_stream(path, table.schema) as sink:
            sink.write_table(table, max_chunksize=50)
    else:
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.jsonl.gz", "a.parquet", "stream.arrow", "file.arrow"]
)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    rows = list(files.rows(path))
    assert [row.values for row in rows] == ROWS
    assert [row.number for row in rows] == list(range(130))
    assert rows[7].where == f"{path}:8"


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "list.json"])
def test_a_byte_order_mark_before_the_first_row_is_no_part_of_it(tmp_path: Path, name: str) -> None:
    rows = json.dumps(ROWS) if name == "list.json" else "\n".join(map(json.dumps, ROWS))
    content = rows.encode("utf-8-sig")
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    read = files.json_list if name == "list.json" else files.rows
    assert [row.values for row in read(path)] == ROWS


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.parquet", "stream.arrow", "file.arrow"])
def test_a_file_that_is_cut_off_is_named(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=f"cannot read .*{name}: ") as error:
        list(files.rows(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "no JSON"),
        (b"5", "a row must be a JSON object"),
        (b"[" * 100_000, "no JSON"),
        (b'{"a": "\xff"}', "no UTF-8"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": "1"}\n\n' + line + b"\n")
    with pytest.raises(DataError, match=rf"a\.jsonl:3: {message}"):
        list(files.rows(path))


def test_blank_lines_count_but_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n{"a": 2}\n\n')
    assert [row.number for row in files.rows(path)] == [0, 2]


def test_a_whole_number_of_any_length_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    huge = "9" * 5000
    path.write_text(f'{{"a": [{huge}, -{huge}, 12]}}')
    values = next(files.rows(path)).values["a"]
    assert values == [float("inf"), float("inf"), 12]


def test_the_items_of_a_list_know_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('\n[\n {"a": "[,{"},\n {"a":\n 2}, {"a": 3}]\n')
    assert [(r.number, r.where, r.values["a"]) for r in files.json_list(path)] == [
        (0, f"{path}:3", "[,{"), (1, f"{path}:4", 2), (2, f"{path}:5", 3)]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}', r"a\.json:1: must hold a JSON list"),
        ('[{"a": 1},\n 5]', r"a\.json:2: a row must be a JSON object, got '5'"),
        ('[{"a": 1},\n {]', r"a\.json:2: no JSON"),
    ],
)
def test_a_bad_list_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        list(files.json_list(path))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"question": "x", "c": 1}, 'f:1: needs a text "a" or "b", it has question, c.'),
        ({"a": " "}, 'f:1: needs a text "a" or "b", got \' \''),
        ({"a": 5, "b": "x"}, 'f:1: needs a text "a" or "b", got 5.'),
        ({"a": "\ud800"}, 'f:1: "a" holds half a character'),
    ],
)
def test_a_field_that_is_no_text_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        files.Row(0, "f:1", values).text("a", "b")


def test_a_field_may_be_absent() -> None:
    row = files.Row(0, "f:1", {"a": None, "b": "", "c": "x"})
    assert (row.optional("a", "b"), row.optional("a", "c")) == (None, "x")


def test_what_is_missing_is_named_with_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.jsonl \(or \.jsonl\.gz\) is missing .* from the moon"):
        files.need(tmp_path, "a", "the moon")
