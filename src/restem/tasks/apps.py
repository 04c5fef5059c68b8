"""apps: programming problems of contests and interviews, judged by unit tests.

    source      https://github.com/hendrycks/apps, revision
                362aedc3c71cd7d9bd2fc96a6c80e11dbc38c7a5; Hugging Face: codeparrot/apps
    licence     MIT by the authors' repository; the problems are by their sites' owners
    splits      train (5,000), test (5,000); D_val is out of train, or is val
    answer      a program for standard input, or a function or class Solution that is called
    human       the data set's own solutions: the first, and up to 4 more as references
    prompt      that of APPS, after 2 own examples or those of few_shot.jsonl
    paper       arXiv 2105.09938

`data.path` is a folder with the original tree, train/NNNN/{question.txt, input_output.json,
solutions.json, metadata.json, starter_code.py}, or with tables of the Hugging Face schema: train,
val, test with the ending .jsonl, .jsonl.gz, .parquet or .arrow. It decides which problems there
are: for the introductory ones of the tree, link train/2361 to train/4999 and test/4000 to test/4999
into it. Level is 1, 3 or 5 for introductory, interview and competition, which is the subject, too.
Problems without tests, or with another number of outputs than inputs, are left out with a warning.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from restem.core.errors import DataError
from restem.core.params import Data
from restem.core.records import Problem
from restem.tasks import files, shots, splits
from restem.tasks.files import Row

VERSION = "1"
REWARDS = ("code",)
NAME = "apps"
STOP = ("\n\nQUESTION:", "\nQUESTION:")
FORM = shots.Form("QUESTION:\n", "\nANSWER:\n")
LEVELS = {"introductory": 1, "interview": 3, "competition": 5}
MAX_SOLUTIONS = 5
STANDARD_INPUT, CALL_BASED = "Use Standard Input format", "Use Call-Based format"
SOURCE = "https://github.com/hendrycks/apps, or as a folder tree train/0000/"

log = logging.getLogger(__name__)


def problems(data: Data) -> dict[str, list[Problem]]:
    """train (D), val (D_val) and test.

    Raises: DataError with file and line for missing or malformed files, ParamsError if nothing is
    left for D or `data.few_shot` asks for more examples than there are.
    """
    folder = Path(data.path)
    has_val = (folder / "val").is_dir() or files.find(folder, "val", files.TABLES) is not None
    own_val = _read(data, "val", data.val_problems) if has_val else None
    test = _read(data, "test", data.test_problems)
    return splits.draw(_read(data, "train", None), own_val, test, data)


def held_out(data: Data) -> list[Problem]:
    """The start of test, at most `data.test_problems`. Raises: as above."""
    return _read(data, "test", data.test_problems)


def exemplars(data: Data) -> list[str]:
    """Questions of the worked examples in each prompt."""
    return [shot.question for shot in shots.load(data, NAME, FORM)]


def _read(data: Data, name: str, most: int | None) -> list[Problem]:
    """The first `most` problems with tests; the rest of a file of gigabytes is not read."""
    worked = [
        shots.Shot(_request(shot.question, shot.starter, bool(shot.starter)), shot.solution)
        for shot in shots.load(data, NAME, FORM)
    ]
    left_out: Counter[str] = Counter()
    rows = islice(_usable(Path(data.path), name, left_out), most)
    found = [_problem(row, called, name, worked) for row, called in rows]
    for reason, count in sorted(left_out.items()):
        log.warning("%s %s: %d problems with %s are left out", NAME, name, count, reason)
    return found


def _usable(folder: Path, name: str, left_out: Counter[str]) -> Iterator[tuple[Row, bool]]:
    """Rows whose tests can judge a program, and whether it is called; others are counted."""
    for row in _rows(folder, name):
        there = row.optional("input_output") is not None
        tests = (
            files.fields(_inner(row, "input_output"), _place(row, "input_output")) if there else {}
        )
        inputs, outputs = tests.get("inputs"), tests.get("outputs")
        if not isinstance(inputs, list) or not isinstance(outputs, list) or not inputs:
            left_out["no tests"] += 1
        elif len(inputs) != len(outputs):
            left_out["another number of outputs than inputs"] += 1
        else:
            yield row, "fn_name" in tests


# ---- files


def _rows(folder: Path, name: str) -> Iterator[Row]:
    """Rows of the Hugging Face schema, out of a tree or a table."""
    tree = folder / name
    if not tree.is_dir():
        yield from files.rows(files.need(folder, name, SOURCE, files.TABLES))
        return
    found = sorted(path for path in tree.iterdir() if path.is_dir() and path.name.isdigit())
    if not found:
        raise DataError(f"{tree} has no folders 0000, 0001, ... in it. Get it from {SOURCE}.")
    for number, path in enumerate(found):
        yield Row(number, f"{path / 'question.txt'}:1", _tree_row(path))


def _tree_row(path: Path) -> Mapping[str, object]:
    """One folder as a row of the Hugging Face schema."""

    def content(name: str) -> str:
        file = path / name
        return files.read_text(file) if file.is_file() else ""

    card = path / "metadata.json"
    values = files.parse(content(card.name) or "{}", f"{card}:{{line}}")
    metadata = Row(0, f"{card}:1", files.fields(values, f"{card}:1"))
    return {
        "folder": str(path),
        "problem_id": int(path.name),
        "question": files.read_text(path / "question.txt"),
        "solutions": content("solutions.json"),
        "input_output": content("input_output.json"),
        "difficulty": metadata.optional("difficulty"),
        "starter_code": content("starter_code.py"),
    }


def _inner(row: Row, name: str) -> object:
    """The value of a field that holds JSON as text."""
    return files.parse(row.text(name), _place(row, name, "{line}"))


def _place(row: Row, name: str, line: str = "1") -> str:
    """Where it is: in a tree, a file of its own."""
    folder = row.values.get("folder")
    return f"{folder}/{name}.json:{line}" if folder else f"{row.where}: {name}"


# ---- a problem


def _problem(row: Row, called: bool, name: str, worked: list[shots.Shot]) -> Problem:
    question, starter = row.text("question").strip(), row.optional("starter_code") or ""
    tests, difficulty = row.text("input_output"), row.optional("difficulty") or ""
    solutions = _solutions(row)
    return Problem(
        problem_id=f"{NAME}-{name}-{_number(row):05d}",
        task=NAME,
        split=name,
        subject=difficulty,
        level=LEVELS.get(difficulty, 0),
        question=question,
        prompt=FORM.prompt(worked, _request(question, starter, called)),
        stop=STOP,
        gold=f'{{"tests": {tests.strip()}}}',  # as it is: its numbers may be too long to parse
        human_solution=solutions[0] if solutions else None,
        references=tuple(solutions[1:]),
    )


def _number(row: Row) -> int:
    value = row.values.get("problem_id", row.values.get("id"))
    if value is None:
        return row.number
    if not isinstance(value, int):
        raise DataError(f'{row.where}: "problem_id" must be a number, got {str(value)[:40]!r}.')
    return value


def _solutions(row: Row) -> list[str]:
    if row.optional("solutions") is None:
        return []
    value = _inner(row, "solutions")
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise DataError(f"{_place(row, 'solutions')}: must be a JSON list of programs.")
    return [text for text in value if text.strip() and files.storable(text)][:MAX_SOLUTIONS]


def _request(question: str, starter: str, called: bool) -> str:
    """The question, the code to begin from, and how the program will be run.

    Source: generate_prompt in eval/generate_gpt_codes.py of hendrycks/apps. Our own examples hold
    all of it already.
    """
    how = CALL_BASED if called else STANDARD_INPUT
    if question.endswith((CALL_BASED, STANDARD_INPUT)):
        return question
    return "\n".join([question, *([starter.strip("\n").rstrip()] if starter.strip() else []), how])
