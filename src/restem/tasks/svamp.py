"""svamp: word problems of one step, varied so that guessing by key words fails. A transfer set.

    source      https://github.com/arkilpatel/SVAMP, revision
                689d7ccac74b9983a2ac7cc3b264f441b99e7c53, SVAMP.json
    licence     MIT
    splits      none: all 1,000 are a test set
    answer      a number
    human       none; the data set has equations, no solutions
    prompt      that of gsm8k
    paper       arXiv 2103.07191

It belongs in `transfer/svamp/SVAMP.json` inside the `data.path` of another task.
"""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from restem.core.errors import DataError, ParamsError
from restem.core.params import Data
from restem.core.records import Problem
from restem.tasks import files, shots
from restem.tasks.files import Row
from restem.tasks.gsm8k import FORM, STOP
from restem.tasks.gsm8k import NAME as EXAMPLES_OF

VERSION = "1"
REWARDS = ("math",)
NAME = "svamp"
SOURCE = "https://github.com/arkilpatel/SVAMP"


def problems(data: Data) -> dict[str, list[Problem]]:
    """Raises: ParamsError, as there is nothing to train on."""
    raise ParamsError(
        f"task {NAME} is a test set (params.yaml). Choose a task with training problems, such as "
        f"gsm8k, and put SVAMP.json into {Path(data.path) / 'transfer' / NAME}/."
    )


def held_out(data: Data) -> list[Problem]:
    """All problems, at most `data.test_problems`. Raises: DataError naming the row."""
    path = files.need(Path(data.path), "SVAMP", SOURCE, (".json",))
    worked = shots.load(data, EXAMPLES_OF, FORM)
    return [_problem(row, worked) for row in islice(files.json_list(path), data.test_problems)]


def exemplars(data: Data) -> list[str]:
    """Questions of the worked examples in each prompt."""
    return [shot.question for shot in shots.load(data, EXAMPLES_OF, FORM)]


def _problem(row: Row, worked: list[shots.Shot]) -> Problem:
    body, answer = row.text("Body").strip(), row.values.get("Answer")
    if isinstance(answer, bool) or not isinstance(answer, (int, float)):
        raise DataError(f'{row.where}: needs a number "Answer", got {str(answer)[:40]!r}.')
    stop = "" if body[-1] in ".,;:?!" else "."
    question = f"{body}{stop} {row.text('Question').strip()}"
    return Problem(
        problem_id=f"{NAME}-{row.number:05d}",
        task=NAME,
        split="test",
        subject=str(row.values.get("Type") or ""),
        level=0,
        question=question,
        prompt=FORM.prompt(worked, question),
        stop=STOP,
        gold=json.dumps({"answer": f"{answer:.12g}"}),
        human_solution=None,
    )
