"""Drawing the problems of an embedded world: from each of its cells (subject x level) in turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from typing import TypeVar

from restem.core.errors import ParamsError

EXHAUSTED = 2000  # draws in a row without a new problem, after which a cell counts as used up

Cell = tuple[str, int]
Drawn = TypeVar("Drawn")


def tries(split: str) -> int:
    """Draws from a cell before the next one is asked.

    For training a cell is passed over when it comes up with a known problem: the smallest cells
    then give less than their share, and keep some problems for the corpus. The other splits are
    balanced exactly.
    """
    return 1 if split == "train" else EXHAUSTED


def in_turn(
    cells: Sequence[Cell],
    size: int,
    split: str,
    draw: Callable[[Cell], Drawn | None],
    num_taken: Callable[[Cell], int],
) -> Iterator[tuple[Cell, Drawn]]:
    """`size` new problems. draw: None after `tries(split)` known ones; num_taken: those in use.

    Raises: ParamsError if a cell has no more, naming the parameter that asks for too many.
    """
    misses: Counter[Cell] = Counter()
    made = 0
    turns = cycle(cells)
    while made < size:
        cell = next(turns)
        drawn = draw(cell)
        if drawn is not None:
            misses[cell] = 0
            made += 1
            yield cell, drawn
            continue
        misses[cell] += tries(split)
        if misses[cell] >= EXHAUSTED:
            raise ParamsError(_used_up(cell, split, size, num_taken(cell)))


def _used_up(cell: Cell, split: str, size: int, count: int) -> str:
    own = split in ("train", "val", "test")
    return (
        f"data.{split if own else 'transfer'}_problems = {size} is more than this world has: all "
        f"{count} different problems of {cell[0]}, level {cell[1]}, are in use. Ask for fewer "
        "problems in params.yaml, section data."
    )
