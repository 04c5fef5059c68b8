"""Which reward judges, where params.yaml leaves it to the problems."""

from __future__ import annotations

from collections.abc import Iterable

from restem.core.records import Problem

AUTO = "auto"
AUTO_REWARDS = ("math", "code")
"""What `auto` may stand for."""


def reward_name(reward: str, problems: Iterable[Problem]) -> str:
    """`reward: auto` as the name of a file: `code` for problems with tests, else `math`."""
    if reward != AUTO:
        return reward
    return "code" if any('"tests"' in problem.gold for problem in problems) else "math"
