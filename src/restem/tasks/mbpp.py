"""mbpp: short Python programs from a sentence and three asserts.

    source      https://github.com/google-research/google-research, folder mbpp, mbpp.jsonl (974)
    licence     CC-BY-4.0
    splits      by task_id, as in the paper: 1-10 for the prompt, 11-510 test (500), 511-600
                validation (90), 601-974 train (374)
    answer      a program; the asserts of test_list must pass
    human       the data set's own programs
    prompt      the paper's; its examples are tasks 2, 3, 4, then the others up to 10
    paper       arXiv 2108.07732

`data.path` is a folder with mbpp.jsonl (.gz is read, too). few_shot.jsonl is read as everywhere.
"""

from __future__ import annotations

import json
from pathlib import Path

from restem.core.errors import DataError
from restem.core.params import Data
from restem.core.records import Problem
from restem.tasks import files, shots, splits
from restem.tasks.files import Row

VERSION = "1"
REWARDS = ("code",)
NAME = "mbpp"
STOP = ("\n[DONE]", "[DONE]")
FORM = shots.Form("You are an expert Python programmer, and here is your task: ", "\n[BEGIN]\n")
SPLITS = {"test": (11, 510), "val": (511, 600), "train": (601, 974)}
SHOTS = (2, 3, 4, 1, 5, 6, 7, 8, 9, 10)  # arXiv 2108.07732, §3.1: the prompt has tasks 2, 3 and 4
SOURCE = "the folder mbpp of https://github.com/google-research/google-research"


def problems(data: Data) -> dict[str, list[Problem]]:
    """The official splits, cut to the sizes asked for.

    Raises: DataError with file and line for a missing or malformed file, ParamsError if
    `data.few_shot` asks for more examples than there are.
    """
    found = _read(data)
    return splits.draw(found["train"], found["val"], found["test"], data)


def held_out(data: Data) -> list[Problem]:
    """Tasks 11 to 510, at most `data.test_problems`. Raises: as above."""
    return _read(data)["test"][: data.test_problems]


def exemplars(data: Data) -> list[str]:
    """Questions of the worked examples in each prompt."""
    return [shot.question for shot in _shots(data, _rows(data))]


def _read(data: Data) -> dict[str, list[Problem]]:
    rows = _rows(data)
    worked = _shots(data, rows)
    return {
        split: [_problem(rows[k], k, split, worked) for k in sorted(rows) if first <= k <= last]
        for split, (first, last) in SPLITS.items()
    }


def _rows(data: Data) -> dict[int, Row]:
    """Rows by task_id."""
    path = files.need(Path(data.path), "mbpp", SOURCE)
    rows: dict[int, Row] = {}
    for row in files.rows(path):
        task_id = row.values.get("task_id")
        if not isinstance(task_id, int) or task_id in rows:
            raise DataError(
                f'{row.where}: "task_id" must be a whole number that is nobody else\'s, '
                f"got {str(task_id)[:40]!r}."
            )
        rows[task_id] = row
    return rows


def _shots(data: Data, rows: dict[int, Row]) -> list[shots.Shot]:
    """Of few_shot.jsonl, else of the data set's tasks for the prompt; each ends with [DONE]."""
    if files.find(Path(data.path), shots.FILE) is None:
        own = [rows[k] for k in SHOTS if k in rows]
        worked = shots.first([shots.Shot(_request(r), _program(r)) for r in own], data, NAME)
    else:
        worked = shots.load(data, NAME, FORM)
    return [shots.Shot(shot.question, f"{shot.solution}\n[DONE]") for shot in worked]


def _request(row: Row) -> str:
    """The sentence and the asserts, as the paper words it."""
    tests = "\n".join(_asserts(row))
    return f"{row.text('text').strip()} Your code should pass these tests:\n\n{tests}"


def _asserts(row: Row) -> list[str]:
    tests = row.values.get("test_list")
    if not isinstance(tests, list) or not tests or not all(isinstance(t, str) for t in tests):
        raise DataError(
            f'{row.where}: "test_list" must be a list of asserts, got {str(tests)[:40]!r}.'
        )
    return tests


def _program(row: Row) -> str:
    return row.text("code").replace("\r\n", "\n").strip()


def _problem(row: Row, task_id: int, split: str, worked: list[shots.Shot]) -> Problem:
    setup = row.optional("test_setup_code") or ""
    tests = {"setup": setup.replace("\r\n", "\n"), "asserts": _asserts(row)}
    return Problem(
        problem_id=f"{NAME}-{task_id:05d}",
        task=NAME,
        split=split,
        subject="programs",
        level=0,
        question="\n".join([row.text("text").strip(), *_asserts(row)]),
        prompt=FORM.prompt(worked, _request(row)),
        stop=STOP,
        gold=json.dumps({"tests": tests}),
        human_solution=_program(row),
    )
