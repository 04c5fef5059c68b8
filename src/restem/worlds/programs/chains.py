"""Problems: filters and maps one after the other, and a reducer at the end.

The signature of a problem is its operations and constants; paraphrases share it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from restem.worlds.programs.operations import (
    FILTER,
    FILTERS,
    FUNCTIONS,
    MAPS,
    OPERATIONS,
    REDUCE,
    Operation,
)

SUBJECTS = {
    "totals": ("sum", "count", "distinct"),
    "extremes": ("maximum", "minimum", "range"),
    "places": ("first", "last"),
    "orders": ("ascending", "reversed", "descending"),
}
"""Reducers by family."""
LEVELS = (1, 2, 3, 4, 5)
CONSTANTS = (2, 9)

Cell = tuple[str, int]
"""Subject, and level: the number of filters and maps before the reducer. The corpus has level 0."""
CELLS: tuple[Cell, ...] = tuple((subject, level) for level in LEVELS for subject in SUBJECTS)

Signature = tuple[tuple[str, int], ...]
"""Names of operations, each with its constant, 0 for none."""


@dataclass(frozen=True, slots=True)
class Step:
    """An operation, and how somebody does it."""

    operation: Operation
    k: int
    """The constant, 0 for none."""
    expression: str
    """One of FUNCTIONS; the operation's `right` for who knows better."""

    @property
    def code(self) -> str:
        return self.expression.format(k=self.k)

    def apply(self, a: Any) -> Any:
        """What becomes of the list. Raises: what the written line would."""
        function = FUNCTIONS[self.expression]
        if self.operation.kind == REDUCE:
            return function(a, self.k)
        if self.operation.kind == FILTER:
            return [x for x in a if function(x, self.k)]
        return [function(x, self.k) for x in a]

    def twins(self) -> tuple[Step, Step]:
        """The usual mistake and the rare one."""
        usual, rare = self.operation.usual, self.operation.rare
        return replace(self, expression=usual), replace(self, expression=rare)


Chain = tuple[Step, ...]


def draw(cell: Cell, rng: Random) -> Chain:
    """A random chain of the cell. Two filters never follow each other: one would do little."""
    subject, level = cell
    operations: list[Operation] = []
    for _ in range(level):
        after_filter = bool(operations) and operations[-1].kind == FILTER
        operations.append(rng.choice(MAPS if after_filter or rng.random() < 0.5 else FILTERS))
    operations.append(OPERATIONS[rng.choice(SUBJECTS[subject])])
    return tuple(Step(o, rng.randint(*CONSTANTS) if o.has_constant else 0, o.right)
                 for o in operations)  # fmt: skip


def question(chain: Iterable[Step], verb: str, rng: Random) -> str:
    """One sentence for each step, e.g. "Double each. Print the sum."; verb: of the last one."""
    told = [rng.choice(step.operation.phrases).format(k=step.k) for step in chain]
    return ". ".join([*told[:-1], f"{verb} {told[-1]}"]) + "."


def signature(chain: Iterable[Step]) -> Signature:
    return tuple((step.operation.name, step.k) for step in chain)


_ASKED = {phrase: o.name for o in OPERATIONS.values() for phrase in o.phrases}


def parse(asked: str) -> Signature | None:
    """The signature of a question, whatever its words; None if it is none of this world."""
    found: list[tuple[str, int]] = []
    if not asked.endswith("."):
        return None
    for sentence in re.sub(r"\b(Print|Return) ", "", asked).removesuffix(".").split(". "):
        k = re.search(r"\d+", sentence)
        name = _ASKED.get(re.sub(r"\d+", "{k}", sentence))
        if name is None:
            return None
        found.append((name, int(k[0]) if k else 0))
    return tuple(found)
