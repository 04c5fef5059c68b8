from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_models import ONE, SAMPLE, SAMPLED, drawn

from restem.core.errors import DataError
from restem.core.params import Sample
from restem.core.protocols import Request, Shard
from restem.core.records import Completion
from restem.sampling.replay import open_engine

ROWS: list[dict[str, object]] = [
    {"problem_id": "a", "text": "a0", "model": "ignored"},
    {"problem_id": "b", "text": "b0"},
    {"problem_id": "a", "text": "a1\nmore"},
    *({"problem_id": "a", "text": f"a{i}"} for i in range(2, 10)),
]
SHARDS = [
    Shard("0", (Request("a", "", (), 0, 8), Request("b", "", (), 0, 8))),
    Shard("1", (Request("a", "", (), 8, 16), Request("b", "", (), 8, 16))),
]


def sample(stem: Path) -> Sample:
    return replace(SAMPLE, replay=str(stem))


def write(stem: Path, kind: str, rows: list[dict[str, object]] = ROWS) -> Path:
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    path = stem.with_name(stem.name + kind)
    if kind == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind == ".jsonl.gz":
        path.write_bytes(gzip.compress(lines.encode()))
    else:
        path.write_text(lines)
    return path


def replay(stem: Path, work: list[Shard] = SHARDS) -> dict[tuple[str, int], Completion]:
    with open_engine(stem.parent, sample(stem), ONE) as engine:
        return drawn(engine, work, SAMPLED)


@pytest.mark.parametrize("kind", [".jsonl", ".jsonl.gz", ".parquet"])
def test_completions_come_back_in_their_order_of_appearance(tmp_path: Path, kind: str) -> None:
    write(tmp_path / "1", kind)
    texts = {key: c.text for key, c in replay(tmp_path / "1").items()}
    assert texts == {
        **{("a", i): f"a{i}" for i in range(10)},
        ("a", 1): "a1\nmore",
        ("b", 0): "b0",
    }


def test_what_nobody_measured_is_not_made_up(tmp_path: Path) -> None:
    write(tmp_path / "1", ".jsonl")
    assert replay(tmp_path / "1")["b", 0] == Completion("b0", 0, "stop", None)


@pytest.mark.parametrize("kind", [".jsonl", ".parquet"])
def test_what_was_measured_is_kept(tmp_path: Path, kind: str) -> None:
    rows = [
        {"problem_id": "a", "text": "cut", "finish_reason": "length", "num_tokens": 128},
        {"problem_id": "a", "text": "whole", "finish_reason": "stop", "num_tokens": 0},
        {"problem_id": "a", "text": "unknown", "finish_reason": None, "num_tokens": None},
    ]
    write(tmp_path / "1", kind, list(rows))
    assert list(replay(tmp_path / "1").values()) == [
        Completion("cut", 128, "length", None),
        Completion("whole", 0, "stop", None),
        Completion("unknown", 0, "stop", None),
    ]


@pytest.mark.parametrize("kinds", [(), (".jsonl", ".parquet")])
def test_exactly_one_file_must_be_there(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    for kind in kinds:
        write(tmp_path / "1", kind)
    with pytest.raises(DataError, match=r"must be one of .*1\{\.jsonl"):
        replay(tmp_path / "1")


def extra(key: str, value: str) -> bytes:
    return f'{{"problem_id": "a", "text": "a", "{key}": {value}}}'.encode()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"problem_id": "a", "text"', r"1\.jsonl:2: no JSON"),
        (b"[1]", r"1\.jsonl:2: must be a JSON object, got '\[1\]"),
        (b'{"problem_id": "a"}', r"1\.jsonl:2: text is missing"),
        (b'{"text": "a"}', r"1\.jsonl:2: problem_id is missing"),
        (b'{"problem_id": 3, "text": "a"}', r"1\.jsonl:2: problem_id must be a string, got 3"),
        (b'{"problem_id": "a", "text": null}', r"1\.jsonl:2: text must be a string, got None"),
        (b'{"problem_id": "a", "text": "\xff"}', r"1\.jsonl:2: no JSON"),
        (b"\xff", r"1\.jsonl:2: no JSON"),
        (b'["\xc3\xa9"]' + b" " * 40, r"1\.jsonl:2: must be a JSON object"),
        (b'"' + b"x" * 38 + "é".encode() + b'"', r"1\.jsonl:2: must be a JSON object, got '\"xx"),
        (b"[" * 100_000, r"1\.jsonl:2: no JSON"),
        (b'{"problem_id": ' + b"[" * 900 + b"]" * 900 + b"}", r"1\.jsonl:2: problem_id must be a"),
        (b'{"problem_id": "a", "text": "\\ud800"}', r"1\.jsonl:2: text .* lone surrogate"),
        (b'{"problem_id": "\\ud800", "text": ""}', r"1\.jsonl:2: problem_id .* lone surrogate"),
        (extra("finish_reason", '"eos"'), r'2: finish_reason must be "stop" or "length", got .eos'),
        (extra("finish_reason", "[]"), r'1\.jsonl:2: finish_reason must be "stop" or "length"'),
        (extra("num_tokens", "-1"), r"1\.jsonl:2: num_tokens must be an integer >= 0, got -1"),
        (extra("num_tokens", "2.0"), r"1\.jsonl:2: num_tokens must be an integer >= 0, got 2\.0"),
        (extra("num_tokens", "true"), r"1\.jsonl:2: num_tokens must be an integer >= 0, got True"),
        (extra("num_tokens", str(2**31)), r"1\.jsonl:2: num_tokens must be an integer >= 0"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: bytes, says: str) -> None:
    path = write(tmp_path / "1", ".jsonl", ROWS[:1])
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(DataError, match=says) as caught:
        replay(tmp_path / "1")
    assert "\n" not in str(caught.value)


def test_blank_lines_are_skipped(tmp_path: Path) -> None:
    path = write(tmp_path / "1", ".jsonl")
    path.write_text("\n" + path.read_text() + "\n")
    assert len(replay(tmp_path / "1")) == 11


@pytest.mark.parametrize("kind", [".jsonl.gz", ".parquet"])
def test_a_truncated_file_is_named(tmp_path: Path, kind: str) -> None:
    rows = [{"problem_id": "a", "text": f"{i * 7919}"} for i in range(5000)]
    path = write(tmp_path / "1", kind, list(rows))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match="1" + kind.replace(".", r"\.")):
        replay(tmp_path / "1")


def test_a_parquet_file_without_the_columns_is_named(tmp_path: Path) -> None:
    write(tmp_path / "1", ".parquet", [{"problem_id": "a", "answer": "3"}])
    with pytest.raises(DataError, match=r"1\.parquet: row 1: text is missing"):
        replay(tmp_path / "1")


def test_completions_of_unknown_problems_are_not_lost_silently(tmp_path: Path) -> None:
    write(tmp_path / "1", ".jsonl", [*ROWS, *({"problem_id": p, "text": ""} for p in "zcz")])
    with pytest.raises(DataError, match=r"2 problem_ids are not asked for, first 'c'"):
        replay(tmp_path / "1")


@pytest.mark.parametrize("kind", [".jsonl", ".jsonl.gz", ".parquet"])
def test_an_empty_recording_is_refused(tmp_path: Path, kind: str) -> None:
    write(tmp_path / "1", kind, [])
    with pytest.raises(DataError, match=r"1\.(jsonl|jsonl\.gz|parquet) holds no completions"):
        replay(tmp_path / "1")


def test_completions_beyond_what_is_asked_for_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    more = [{"problem_id": p, "text": f"{i}"} for p in "ab" for i in range(7)]
    write(tmp_path / "1", ".jsonl", [*ROWS, *more, {"problem_id": "a", "text": ""}])
    replay(tmp_path / "1")  # 18 of a, 8 of b
    assert caplog.messages == [
        f"{tmp_path}/1.jsonl: 2 recorded completions of 1 problems are beyond what was asked for; "
        "raise samples_per_problem"
    ]
    caplog.clear()
    replay(tmp_path / "1", [Shard("0", SHARDS[0].requests), *SHARDS[:0:-1]])  # the last one first
    assert caplog.messages[0].startswith(f"{tmp_path}/1.jsonl: 2 recorded")
    caplog.clear()
    write(tmp_path / "1", ".jsonl")
    replay(tmp_path / "1")
    assert caplog.messages == []


def test_a_parquet_text_that_is_no_unicode_is_named(tmp_path: Path) -> None:
    binary = pa.array([b"a\xff"], pa.binary())
    text = pa.StringArray.from_buffers(1, binary.buffers()[1], binary.buffers()[2])
    pq.write_table(pa.table({"problem_id": ["a"], "text": text}), tmp_path / "1.parquet")
    with pytest.raises(DataError, match=r"1\.parquet"):
        replay(tmp_path / "1")
