"""humaneval: Python functions to complete. A transfer set.

    source      https://github.com/openai/human-eval, revision
                6d43fb980f9fee3c892a914eda09951f772ad10d, data/HumanEval.jsonl.gz
    licence     MIT
    splits      none: all 164 are a test set
    answer      the body of the function; `check(candidate)` must pass
    human       the canonical solutions
    prompt      signature and docstring as they are; zero-shot whatever `data.few_shot` says
    paper       arXiv 2107.03374

It belongs in `transfer/humaneval/HumanEval.jsonl.gz` (or .jsonl) inside the `data.path` of another
task.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path

from restem.core.errors import ParamsError
from restem.core.params import Data
from restem.core.records import Problem
from restem.tasks import files
from restem.tasks.files import Row

VERSION = "1"
REWARDS = ("code",)
NAME = "humaneval"
STOP = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")  # arXiv 2107.03374, §3.1
SOURCE = "data/ of https://github.com/openai/human-eval"


def problems(data: Data) -> dict[str, list[Problem]]:
    """Raises: ParamsError, as there is nothing to train on."""
    raise ParamsError(
        f"task {NAME} is a test set (params.yaml). Choose a task with training problems, such as "
        f"apps, and put HumanEval.jsonl.gz into {Path(data.path) / 'transfer' / NAME}/."
    )


def held_out(data: Data) -> list[Problem]:
    """All problems, at most `data.test_problems`. Raises: DataError with file and line."""
    path = files.need(Path(data.path), "HumanEval", SOURCE)
    return [_problem(row) for row in islice(files.rows(path), data.test_problems)]


def _problem(row: Row) -> Problem:
    number = re.search(r"\d+$", row.text("task_id"))
    canonical = row.text("canonical_solution")
    tests = {
        "prompt": row.text("prompt"),
        "entry_point": row.text("entry_point"),
        "test": row.text("test"),
        "canonical_solution": canonical,
    }
    return Problem(
        problem_id=f"{NAME}-{int(number[0]) if number else row.number:05d}",
        task=NAME,
        split="test",
        subject="functions",
        level=0,
        question=tests["prompt"],
        prompt=tests["prompt"],
        stop=STOP,
        gold=json.dumps({"tests": tests}),
        human_solution=canonical,
    )
