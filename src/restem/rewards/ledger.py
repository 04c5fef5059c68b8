"""The form in which a ledger of verdicts keeps an answer: what the math reward compared."""

from __future__ import annotations

from restem.core.records import Problem
from restem.rewards.extract import MAX_ANSWER
from restem.rewards.normal import normalise


def normal_form(problem: Problem, answer: str | None) -> str | None:
    """None without an answer, for programs, and for what is too long to be an answer."""
    if answer is None or '"tests"' in problem.gold or len(answer) > MAX_ANSWER:
        return None
    return normalise(answer).text
