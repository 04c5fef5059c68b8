"""Make a data folder and a replay file for restem out of GSM8K and recorded solutions to it.

    python examples/gsm8k_replay/prepare.py SOURCE OUT

SOURCE holds train.jsonl, test.jsonl and example_model_solutions.jsonl (each may end in .gz), the
files of https://github.com/openai/grade-school-math, folder grade_school_math/data. OUT gets

    gsm8k/train.jsonl  the 1,319 questions the recorded solutions answer (GSM8K's test file)
    gsm8k/val.jsonl    300 questions of GSM8K's train file
    gsm8k/test.jsonl   the next 500 questions of GSM8K's train file
    replay/1.jsonl     5,276 recorded solutions: 4 systems, each question once

Standard library only; writes the same bytes each time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

SYSTEMS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
VAL, TEST = 300, 500  # questions of GSM8K's train file
Row = dict[str, object]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="folder with GSM8K and the recorded solutions")
    parser.add_argument("out", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    try:
        counts = prepare(arguments.source, arguments.out)
    except (OSError, ValueError, KeyError) as error:
        print(f"prepare.py: {error}", file=sys.stderr)
        return 1
    for name, count in counts.items():
        print(f"{arguments.out / name}: {count} rows")
    return 0


def prepare(source: Path, out: Path) -> dict[str, int]:
    """Write the four files; rows of each. Raises: OSError, ValueError or KeyError for bad input."""
    questions, others = read(source, "test"), read(source, "train")
    solutions = replay_rows(questions, read(source, "example_model_solutions"))
    files = {
        "gsm8k/train.jsonl": questions,
        "gsm8k/val.jsonl": others[:VAL],
        "gsm8k/test.jsonl": others[VAL : VAL + TEST],
        "replay/1.jsonl": solutions,
    }
    for name, rows in files.items():
        write(out / name, rows)
    return {name: len(rows) for name, rows in files.items()}


def replay_rows(questions: list[Row], recorded: list[Row]) -> list[Row]:
    """One row per question and system. problem_id is the line number in gsm8k/train.jsonl."""
    if [row["question"] for row in questions] != [row["question"] for row in recorded]:
        raise ValueError("the recorded solutions answer other questions than test.jsonl asks")
    rows: list[Row] = []
    for number, row in enumerate(recorded):
        for system in SYSTEMS:
            solution = row[system]
            assert isinstance(solution, Mapping)
            text = solution["solution"]
            rows.append({"problem_id": f"gsm8k-train-{number:05d}", "text": text, "system": system})
    return rows


def read(folder: Path, name: str) -> list[Row]:
    """Rows of NAME.jsonl or NAME.jsonl.gz."""
    plain = folder / f"{name}.jsonl"
    text = (
        plain.read_text("utf-8")
        if plain.is_file()
        else gzip.decompress((folder / f"{name}.jsonl.gz").read_bytes()).decode("utf-8")
    )
    return [json.loads(line) for line in text.rstrip("\n").split("\n")]


def write(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
