r"""gsm8k: grade school word problems.

    source      https://github.com/openai/grade-school-math, revision
                3101c7d5072418e28b9008a6636bde82a006892c, grade_school_math/data/
    licence     MIT
    splits      train.jsonl (7,473), test.jsonl (1,319); D_val is out of train, or is val.jsonl
    answer      a number, the last line of a solution is "#### 18"
    human       the data set's own solutions, calculator marks (<<48/2=24>>) included
    paper       arXiv 2110.14168

`data.path` is a folder with train.jsonl and test.jsonl (.gz is read, too). D_val comes first in a
shuffle by `data.seed`, D after it, so that D_val does not change with `data.train_problems`; a
val.jsonl in the folder is D_val instead, and all of train is left for D. test is the start of
test.jsonl. `data.train_problems` and `data.test_problems` above what there is take all there is.
There is no transfer set. Questions of train.jsonl that also stand in test.jsonl or val.jsonl are
left out with a warning before D_val is drawn, and so are questions of D that D_val asks; letter
case and white space do not count.
"""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from restem.core.errors import DataError, ParamsError
from restem.core.params import Data
from restem.core.records import Problem
from restem.core.seeds import seed_for

VERSION = "1"
REWARDS = ("math",)
NAME = "gsm8k"
STOP = ("\n\nQuestion:", "Question:")
MAX_DUPLICATES = 0.01  # share of D; more than that is a mix-up of files

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the data set."""

    problem_id: str
    question: str
    solution: str
    answer: str


def problems(data: Data) -> dict[str, list[Problem]]:
    """train (D), val (D_val) and test.

    Raises: DataError with file and line for missing or malformed files, ParamsError if nothing is
    left for D or `data.few_shot` asks for more examples than there are.
    """
    shots = few_shot_prompt(data.few_shot)
    folder = Path(data.path)
    tests = read(folder, "test")
    own_val = read(folder, "val") if _file(folder, "val") is not None else None
    train = without_duplicates(read(folder, "train"), [*tests, *(own_val or [])])
    val, train = _cut(shuffled(train, data.seed), own_val, data)
    splits = {
        "train": train[: data.train_problems],
        "val": val,
        "test": tests[: data.test_problems],
    }
    return {
        split: sorted((_problem(row, split, shots) for row in rows), key=lambda p: p.problem_id)
        for split, rows in splits.items()
    }


def _cut(train: list[Row], own_val: list[Row] | None, data: Data) -> tuple[list[Row], list[Row]]:
    """D_val, and what is left for D. train: in the order of the draw; own_val: val.jsonl.

    Raises: ParamsError if nothing is left for D.
    """
    if own_val is not None:
        return own_val[: data.val_problems], train
    if data.val_problems >= len(train):
        raise ParamsError(
            f"data.val_problems must be below {len(train)}, the rows of {data.path}/train.jsonl, "
            f"got {data.val_problems}: nothing is left to train on (params.yaml). Set it to 500."
        )
    val = train[: data.val_problems]
    return val, without_duplicates(train[data.val_problems :], val)


def shuffled(rows: Iterable[Row], seed: int) -> list[Row]:
    """An order that depends on the seed and the ids alone."""
    return sorted(rows, key=lambda row: seed_for(seed, NAME, row.problem_id))


def without_duplicates(rows: Sequence[Row], held_out: Iterable[Row]) -> list[Row]:
    """Rows whose question (letter case and white space apart) is not held out; what goes is logged.

    Raises: DataError if that is more than 1 %.
    """
    known = {_words(row.question) for row in held_out}
    kept = [row for row in rows if _words(row.question) not in known]
    gone = len(rows) - len(kept)
    if gone > MAX_DUPLICATES * len(rows):
        raise DataError(
            f"{gone} of {len(rows)} training questions also stand in test or D_val, more than 1 %. "
            "Check that train.jsonl, val.jsonl and test.jsonl are different files."
        )
    if gone:
        log.warning("%d training questions that also stand in test or D_val are left out", gone)
    return kept


def _words(question: str) -> str:
    return " ".join(question.casefold().split())


def _problem(row: Row, split: str, shots: str) -> Problem:
    return Problem(
        problem_id=row.problem_id,
        task=NAME,
        split=split,
        subject="word problems",
        level=0,
        question=row.question,
        prompt=f"{shots}Question: {row.question}\nAnswer:\n",
        stop=STOP,
        gold=json.dumps({"answer": row.answer}),
        human_solution=row.solution,
    )


# ---- the prompt


def few_shot_prompt(count: int) -> str:
    """The first `count` worked problems, each with a blank line after it.

    Source: own examples, in prompts/gsm8k.txt. Raises: ParamsError if there are fewer.
    """
    text = resources.files("restem.tasks").joinpath("prompts/gsm8k.txt").read_text("utf-8")
    shots = text.strip().split("\n\n")
    if count > len(shots):
        raise ParamsError(
            f"data.few_shot must be <= {len(shots)} for task gsm8k, got {count} (params.yaml). "
            "More worked problems go into src/restem/tasks/prompts/gsm8k.txt."
        )
    return "".join(f"{shot}\n\n" for shot in shots[:count])


# ---- files


def read(folder: Path, name: str) -> list[Row]:
    """Rows of NAME.jsonl or NAME.jsonl.gz, in order; ids count from 0.

    Raises: DataError naming the file and line.
    """
    path = _file(folder, name)
    if path is None:
        raise DataError(
            f"{folder / name}.jsonl (or .jsonl.gz) is missing (params.yaml, data.path). Download "
            "it from grade_school_math/data/ of https://github.com/openai/grade-school-math."
        )
    return [
        _row(line, f"{NAME}-{name}-{number:05d}", f"{path}:{number + 1}")
        for number, line in enumerate(_lines(path))
    ]


def _file(folder: Path, name: str) -> Path | None:
    paths = (folder / f"{name}.jsonl", folder / f"{name}.jsonl.gz")
    return next((path for path in paths if path.is_file()), None)


def _lines(path: Path) -> Iterator[str]:
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}. Download it again.") from error
    yield from text.rstrip("\n").split("\n")


def _row(line: str, problem_id: str, where: str) -> Row:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: no JSON ({error.msg}). Download the file again.") from error
    question = row.get("question") if isinstance(row, dict) else None
    solution = row.get("answer") if isinstance(row, dict) else None
    if not isinstance(question, str) or not isinstance(solution, str):
        raise DataError(f'{where}: each line needs the texts "question" and "answer".')
    answer = solution.rpartition("####")[2].strip().replace(",", "")
    if "####" not in solution or not answer:
        raise DataError(f'{where}: "answer" must end with a line "#### 18", got {solution[-40:]!r}')
    return Row(problem_id, question.strip(), solution.strip(), answer)
