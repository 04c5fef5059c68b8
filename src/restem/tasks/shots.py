"""Worked problems before the question: read from the user's few_shot.jsonl, or our own.

`few_shot.jsonl` in `data.path` has one row per worked problem, {"problem", "solution"} or
{"question", "answer"}; without it the ones in prompts/NAME.txt are used, which were written for
this project and stand in no data set.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from restem.core.errors import ParamsError
from restem.core.params import Data
from restem.tasks import files

FILE = "few_shot"


@dataclass(frozen=True, slots=True)
class Shot:
    """A worked problem."""

    question: str
    solution: str
    starter: str = ""
    """Code the solution must begin from, for programs that are called."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a prompt is laid out: each shot is head, question, middle, solution and a blank line."""

    head: str
    middle: str

    def prompt(self, shots: Sequence[Shot], question: str) -> str:
        """The shots, and a question for the policy to go on from."""
        worked = "".join(f"{self.ask(s.question)}{s.solution}\n\n" for s in shots)
        return worked + self.ask(question)

    def ask(self, question: str) -> str:
        return f"{self.head}{question}{self.middle}"


def load(data: Data, name: str, form: Form) -> list[Shot]:
    """The first `data.few_shot` worked problems of task `name`.

    Raises: DataError for a malformed few_shot.jsonl, ParamsError if there are too few.
    """
    path = files.find(Path(data.path), FILE)
    return first([_shot(row) for row in files.rows(path)] if path else own(name, form), data, name)


def first(shots: list[Shot], data: Data, name: str) -> list[Shot]:
    """The first `data.few_shot`. Raises: ParamsError if there are too few."""
    if data.few_shot > len(shots):
        raise ParamsError(
            f"data.few_shot must be <= {len(shots)} for task {name}, got {data.few_shot} "
            f"(params.yaml). More worked problems go into {Path(data.path) / FILE}.jsonl, one "
            '{"problem": ..., "solution": ...} a line.'
        )
    return shots[: data.few_shot]


def own(name: str, form: Form) -> list[Shot]:
    """The worked problems in prompts/NAME.txt, which is laid out as they stand in a prompt."""
    text = resources.files("restem.tasks").joinpath(f"prompts/{name}.txt").read_text("utf-8")
    parts = re.split(rf"\n\n(?={re.escape(form.head)})", text.strip())
    return [
        Shot(question.removeprefix(form.head), solution)
        for question, _, solution in (part.partition(form.middle) for part in parts)
    ]


def _shot(row: files.Row) -> Shot:
    question, solution = row.text("problem", "question"), row.text("solution", "answer")
    return Shot(question.strip(), solution.strip(), row.optional("starter_code") or "")
