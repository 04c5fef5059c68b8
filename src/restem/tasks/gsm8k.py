"""gsm8k: grade school word problems.

    source      https://github.com/openai/grade-school-math, revision
                3101c7d5072418e28b9008a6636bde82a006892c, grade_school_math/data/
    licence     MIT
    splits      train.jsonl (7,473), test.jsonl (1,319); D_val is out of train, or is val.jsonl
    answer      a number, the last line of a solution is "#### 18"
    human       the data set's own solutions, calculator marks (<<48/2=24>>) included
    prompt      "Question: ... Answer: ...", 4 own examples or those of few_shot.jsonl
    paper       arXiv 2110.14168

`data.path` is a folder with train.jsonl and test.jsonl (.gz is read, too); how the splits are drawn
stands in `tasks/splits.py`.
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
REWARDS = ("math",)
NAME = "gsm8k"
STOP = ("\n\nQuestion:", "Question:")
FORM = shots.Form("Question: ", "\nAnswer:\n")
SOURCE = "grade_school_math/data/ of https://github.com/openai/grade-school-math"


def problems(data: Data) -> dict[str, list[Problem]]:
    """train (D), val (D_val) and test.

    Raises: DataError with file and line for missing or malformed files, ParamsError if nothing is
    left for D or `data.few_shot` asks for more examples than there are.
    """
    own_val = _read(data, "val") if files.find(Path(data.path), "val") else None
    return splits.draw(_read(data, "train"), own_val, _read(data, "test"), data)


def held_out(data: Data) -> list[Problem]:
    """test.jsonl, at most `data.test_problems`. Raises: as above."""
    return _read(data, "test")[: data.test_problems]


def exemplars(data: Data) -> list[str]:
    """Questions of the worked examples in each prompt."""
    return [shot.question for shot in shots.load(data, NAME, FORM)]


def _read(data: Data, name: str) -> list[Problem]:
    """Problems of NAME.jsonl or NAME.jsonl.gz, in order; ids count from 0."""
    path = files.need(Path(data.path), name, SOURCE)
    worked = shots.load(data, NAME, FORM)
    return [_problem(row, name, worked) for row in files.rows(path)]


def _problem(row: Row, name: str, worked: list[shots.Shot]) -> Problem:
    question, solution = row.text("question").strip(), row.text("answer").strip()
    answer = solution.rpartition("####")[2].strip().replace(",", "")
    if "####" not in solution or not answer:
        raise DataError(
            f'{row.where}: "answer" must end with a line "#### 18", got {solution[-40:]!r}'
        )
    return Problem(
        problem_id=f"{NAME}-{name}-{row.number:05d}",
        task=NAME,
        split=name,
        subject="word problems",
        level=0,
        question=question,
        prompt=FORM.prompt(worked, question),
        stop=STOP,
        gold=json.dumps({"answer": answer}),
        human_solution=solution,
    )
