"""Read samples, scored samples, training rows, evaluations or problems like a person.

examples
  python -m restem peek 1                             scored samples of iteration 1
  python -m restem peek 1 --outcome wrong --limit 10  ten wrong ones, drawn by --seed
  python -m restem peek 2 --problem algebra-0012      every sample of one problem
  python -m restem peek data/iterations/1/train.parquet --prompt
  python -m restem peek data/iterations/2/eval.parquet --outcome truncated
  python -m restem peek 1 --json | jq .text
"""

from __future__ import annotations

import argparse
import json
import random
import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from restem.core import layout, storage
from restem.core.errors import DataError, ParamsError
from restem.core.params import no_checkout
from restem.core.records import OUTCOMES, Problem
from restem.core.storage import Row
from restem.evaluation.markup import printable

RULE = 100  # columns of a heading
NUMBERS = (
    "num_tokens", "finish_reason", "logprob", "weight", "num_samples", "num_correct", "maj"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A file of rows and what it holds."""

    path: Path
    table: str
    rows: list[Row]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", help="a Parquet file, or the number of an iteration"
    )
    parser.add_argument("--problem", metavar="ID", help="only rows of this problem")
    parser.add_argument("--outcome", choices=OUTCOMES, help="only rows with this verdict")
    parser.add_argument("--limit", type=int, default=5, help="rows to show (default 5, 0 for all)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of rows (default 0)")
    parser.add_argument("--prompt", action="store_true", help="the whole prompt, not the question")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Lines to show. Raises: DataError, ParamsError."""
    sheet = _open(arguments.file)
    rows = _matching(sheet, arguments.problem, arguments.outcome)
    shown = _draw(rows, arguments.limit, arguments.seed)
    problems = _problems({str(row["problem_id"]) for row in shown})
    if arguments.json:
        for row in shown:
            problem = problems.get(str(row["problem_id"]))
            question = {"question": problem.question, "gold": problem.gold} if problem else {}
            yield _as_json({**question, **row})
        return
    yield _summary(sheet)
    more = "" if len(shown) == len(rows) else " (--limit 0 for all, --seed for others)"
    yield f"{len(shown)} of {len(rows)} matching rows{more}"
    for row in shown:
        yield ""
        yield from _card(row, problems.get(str(row["problem_id"])), arguments.prompt)


def _as_json(row: Row) -> str:
    """One line; json escapes only the first 32 control characters."""
    line = json.dumps(row, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f]", lambda hit: f"\\u{ord(hit.group()):04x}", line)


def _open(name: str) -> _Sheet:
    """The rows of a file or of an iteration. Raises: DataError."""
    path = layout.scored(name) if name.isdigit() else Path(name)
    if name.isdigit() and not Path("dvc.yaml").is_file() and not path.exists():
        raise DataError(f"cannot read {path}: {no_checkout()} Or name a Parquet file.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot read {path}: {error.strerror}. `dvc repro` makes it, `dvc pull` fetches it."
        ) from error
    if content == b"idle\n":
        raise DataError(f"{path} is empty: this iteration is idle (params.yaml, iters)")
    table = _table_of(content, path)
    return _Sheet(path, table, storage.from_bytes(table, content, str(path)))


def _table_of(content: bytes, path: Path) -> str:
    """Which table of core/storage.py has these columns. Raises: DataError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        columns = set(pq.read_schema(pa.BufferReader(content)).names)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} is no complete Parquet file: {reason}") from error
    fitting = [table for table, known in storage.COLUMNS.items() if set(known) <= columns]
    if not fitting:
        raise DataError(f"{path} is none of {', '.join(storage.COLUMNS)}; it has {sorted(columns)}")
    return max(fitting, key=lambda table: len(storage.COLUMNS[table]))


def _matching(sheet: _Sheet, problem: str | None, outcome: str | None) -> list[Row]:
    """Raises: ParamsError if the table has no verdicts or nothing matches."""
    if outcome and "outcome" not in storage.COLUMNS[sheet.table]:
        raise ParamsError(f"{sheet.path} has no verdicts, it is a {sheet.table} table")
    rows = [
        row
        for row in sheet.rows
        if (problem is None or row["problem_id"] == problem)
        and (outcome is None or row["outcome"] == outcome)
    ]
    if not rows:
        known = sorted({str(row["problem_id"]) for row in sheet.rows})
        wanted = " ".join(word for word in (problem, outcome) if word)
        example = f" Problems are named like {known[0]}." if problem and known else ""
        raise ParamsError(f"no row of {sheet.path} matches {wanted or 'anything'}.{example}")
    return rows


def _draw(rows: list[Row], limit: int, seed: int) -> list[Row]:
    """At most `limit` rows, in the order of the file; the same seed draws the same."""
    if limit <= 0 or limit >= len(rows):
        return rows
    picked = random.Random(seed).sample(range(len(rows)), limit)
    return [rows[index] for index in sorted(picked)]


def _problems(wanted: set[str]) -> dict[str, Problem]:
    """The problems with these ids, out of data/problems; fewer or none where they are not there."""
    found: dict[str, Problem] = {}
    for path in sorted(layout.PROBLEMS.glob("*.parquet")):
        if wanted <= found.keys():
            break
        found.update(
            (p.problem_id, p) for p in storage.read_problems(path) if p.problem_id in wanted
        )
    return found


def _summary(sheet: _Sheet) -> str:
    """Counts, in one line."""
    rows = sheet.rows
    problems = len({row["problem_id"] for row in rows})
    line = f"{sheet.path}: {len(rows)} rows ({sheet.table}) of {problems} problems"
    outcomes = Counter(str(row["outcome"]) for row in rows if "outcome" in row)
    shares = [f"{name} {outcomes[name] / len(rows):.1%}" for name in OUTCOMES if outcomes[name]]
    return f"{line}; {', '.join(shares)}" if shares else line


def _card(row: Row, problem: Problem | None, whole_prompt: bool) -> Iterator[str]:
    """One row as a person reads it."""
    about = {**(asdict(problem) if problem else {}), **row}
    title = [row["problem_id"], row.get("set"), _index(row), _kind(about), row.get("outcome")]
    heading = " · ".join(printable(str(word)) for word in title if word is not None)
    yield f"── {heading} ".ljust(RULE, "─")
    if whole_prompt or "question" not in about:
        yield from _block("prompt", about.get("prompt"))
    else:
        yield from _block("problem", about["question"])
    solution = [row.get(name) for name in ("text", "completion", "human_solution")]
    yield from _block("solution", next((text for text in solution if text is not None), None))
    if "answer" in row:
        yield from _block("answer", "(none)" if row["answer"] is None else row["answer"])
    yield from _block("gold", about.get("gold"))
    yield from _block("why", row.get("detail"))
    numbers = [f"{name} {_short(row[name])}" for name in NUMBERS if row.get(name) is not None]
    yield from _block("besides", ", ".join(numbers))


def _index(row: Row) -> str | None:
    return f"sample {row['sample_index']}" if "sample_index" in row else None


def _kind(about: Row) -> str | None:
    return f"{about['subject']} level {about['level']}" if about.get("level") else None


def _short(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _block(label: str, text: object) -> Iterator[str]:
    """A label and its text, indented; nothing where there is no text."""
    if text is None or text == "":
        return
    lines = printable(str(text)).strip("\n").splitlines() or [""]
    yield f"  {label:<9} {lines[0]}"
    yield from (textwrap.indent(line, " " * 12) for line in lines[1:])
