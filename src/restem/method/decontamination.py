"""Test problems never reach training: checked here, when the problems are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from restem.core.errors import DataError
from restem.core.records import Problem


def normalised(question: str) -> str:
    """Letter case and white space do not make a question another one."""
    return " ".join(question.casefold().split())


def check_disjoint(splits: Mapping[str, Sequence[Problem]]) -> None:
    """No id twice anywhere, and no question in two splits.

    Raises: DataError naming both problems.
    """
    ids: dict[str, str] = {}
    questions: dict[str, Problem] = {}
    for split, problems in splits.items():
        for problem in problems:
            if problem.problem_id in ids:
                raise DataError(
                    f"problem_id {problem.problem_id} occurs twice "
                    f"({ids[problem.problem_id]}, {split})"
                )
            ids[problem.problem_id] = split
            other = questions.setdefault(normalised(problem.question), problem)
            if other.split != split:
                raise DataError(
                    f"{problem.problem_id} ({split}) asks what {other.problem_id} "
                    f"({other.split}) asks; "
                    "a question may be in one split only. Remove one from the task's files."
                )
