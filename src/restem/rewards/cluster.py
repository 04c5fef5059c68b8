"""A reward on a Ray cluster (`score.cluster: ray`): actors that hold the reward itself, each with
its own limits and sandbox. Verdicts are those of the reward alone."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from restem.core import plugins
from restem.core.cluster import Fleet, Spec
from restem.core.connection import connected
from restem.core.errors import SandboxError
from restem.core.params import Machine, Score
from restem.core.protocols import Reward
from restem.core.records import Problem, Verdict

PAIRS_PER_ITEM = 128
_Item = tuple[str, int, tuple[Any, ...]]
"""Method of the reward, place among the items, arguments."""


@contextmanager
def open_reward_on_cluster(name: str, score: Score, machine: Machine) -> Iterator[Reward]:
    """The reward `name`. Raises: EngineError without a cluster; SandboxError as the reward does."""
    local = replace(score, cluster="local")
    spec = Spec(
        "restem.rewards.cluster", "judging", (name, local, replace(machine, workers=1)), light=True
    )
    with connected(machine), Fleet(spec, machine) as fleet:
        yield _Spread(fleet)


class _Spread:
    """A reward (core/protocols.py)."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.grader: str = fleet.first_facts()["grader"]

    def score(self, problems: Sequence[Problem], texts: Sequence[str]) -> list[Verdict]:
        """See Reward. Raises: SandboxError if nodes would judge differently."""
        starts = range(0, len(texts), PAIRS_PER_ITEM)
        parts = (
            ("score", at, (problems[at : at + PAIRS_PER_ITEM], texts[at : at + PAIRS_PER_ITEM]))
            for at in starts
        )
        found = dict(self._run(parts))
        return [verdict for at in starts for verdict in found[at]]

    def group(self, answers: Sequence[str | None]) -> list[int | None]:
        """See Reward."""
        ((_, classes),) = self._run(iter([("group", 0, (answers,))]))
        return list(classes)

    def _run(self, items: Iterator[_Item]) -> Iterator[tuple[int, list[Any]]]:
        for (_, place, _), result in self._fleet.map(items, lambda item: f"{item[0]} {item[1]}"):
            self._check()
            yield place, result

    def _check(self) -> None:
        for fact in self._fleet.facts:
            if fact["grader"] != self.grader:
                raise SandboxError(
                    f"node {fact['node']} would judge by {fact['grader']}, others by "
                    f"{self.grader}. Make the nodes alike, or set score.sandbox to what all have."
                )


@contextmanager
def judging(
    name: str, score: Score, machine: Machine
) -> Iterator[tuple[Callable[[_Item], Any], dict[str, object]]]:
    """Runs in an actor: what it does with an item, and facts. Raises: SandboxError."""
    with plugins.load("reward", name).open_reward(score, machine) as reward:

        def work(item: _Item) -> Any:
            method, _, arguments = item
            return getattr(reward, method)(*arguments)

        yield work, {"grader": reward.grader, "node": socket.gethostname()}
