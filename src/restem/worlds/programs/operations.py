"""What can be done with a list of numbers: 11 filters, 9 maps, 11 reducers, and their twins.

Each operation has the right expression, its usual wrong twin, and a rarer one. What an expression
does is a Python function beside its text, so that no text is ever executed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

FILTER, MAP, REDUCE = "filter", "map", "reduce"

Function = Callable[[Any, int], Any]
"""Of an element (filters, maps) or the whole list (reducers), and the constant k. A mistake before
may have made a float, or a letter, of a number."""

FUNCTIONS: Mapping[str, Function] = {
    # filters
    "x%2==0": lambda x, k: x % 2 == 0,
    "x%2==1": lambda x, k: x % 2 == 1,
    "x/2==0": lambda x, k: x / 2 == 0,
    "x/2==1": lambda x, k: x / 2 == 1,
    "x>0": lambda x, k: x > 0,
    "x>=0": lambda x, k: x >= 0,
    "x<0": lambda x, k: x < 0,
    "x<=0": lambda x, k: x <= 0,
    "x>{k}": lambda x, k: x > k,
    "x>={k}": lambda x, k: x >= k,
    "x<{k}": lambda x, k: x < k,
    "x<={k}": lambda x, k: x <= k,
    "x=={k}": lambda x, k: x == k,
    "x!={k}": lambda x, k: x != k,
    "x%{k}==0": lambda x, k: x % k == 0,
    "x%{k}!=0": lambda x, k: x % k != 0,
    "x%{k}==1": lambda x, k: x % k == 1,
    "x/{k}==0": lambda x, k: x / k == 0,
    "x/{k}!=0": lambda x, k: x / k != 0,
    # maps
    "x": lambda x, k: x,
    "-x": lambda x, k: -x,
    "1/x": lambda x, k: 1 / x,
    "abs(x)": lambda x, k: abs(x),
    "x*2": lambda x, k: x * 2,
    "x+2": lambda x, k: x + 2,
    "x**2": lambda x, k: x**2,
    "x+{k}": lambda x, k: x + k,
    "x-{k}": lambda x, k: x - k,
    "{k}-x": lambda x, k: k - x,
    "x*{k}": lambda x, k: x * k,
    "x**{k}": lambda x, k: x**k,
    "x%{k}": lambda x, k: x % k,
    "x/{k}": lambda x, k: x / k,
    "x//{k}": lambda x, k: x // k,
    # reducers
    "a": lambda a, k: a,
    "a[0]": lambda a, k: a[0],
    "a[1]": lambda a, k: a[1],
    "a[-1]": lambda a, k: a[-1],
    "a[::-1]": lambda a, k: a[::-1],
    "sorted(a)": lambda a, k: sorted(a),
    "sorted(a)[::-1]": lambda a, k: sorted(a)[::-1],
    "sum(a)": lambda a, k: sum(a),
    "max(a)": lambda a, k: max(a),
    "min(a)": lambda a, k: min(a),
    "max(a)-min(a)": lambda a, k: max(a) - min(a),
    "min(a)-max(a)": lambda a, k: min(a) - max(a),
    "len(a)": lambda a, k: len(a),
    "len(a)-1": lambda a, k: len(a) - 1,
    "set(a)": lambda a, k: set(a),
    "len(set(a))": lambda a, k: len(set(a)),
}
"""Expressions; {k} stands for the constant."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a sentence can ask for."""

    name: str
    kind: str
    """FILTER, MAP or REDUCE."""
    phrases: tuple[str, ...]
    """Ways to ask for it."""
    right: str
    usual: str
    """What an author writes who has it wrong, mostly."""
    rare: str
    """What they write else."""

    @property
    def has_constant(self) -> bool:
        return "{k}" in self.phrases[0]


def _rows(kind: str, *rows: str) -> tuple[Operation, ...]:
    """Operations from lines `name | phrase; phrase | right | usual | rare`."""
    cut = [[cell.strip() for cell in row.split("|")] for row in rows]
    return tuple(
        Operation(name, kind, tuple(phrases.split("; ")), right, usual, rare)
        for name, phrases, right, usual, rare in cut
    )


FILTERS = _rows(
    FILTER,
    "even | Keep the even ones; Drop the odd ones | x%2==0 | x%2==1 | x/2==0",
    "odd | Keep the odd ones; Drop the even ones | x%2==1 | x%2==0 | x/2==1",
    "positive | Keep the positive ones | x>0 | x>=0 | x<0",
    "negative | Keep the negative ones | x<0 | x<=0 | x>0",
    "above | Keep those above {k}; Keep those greater than {k} | x>{k} | x>={k} | x<{k}",
    "below | Keep those below {k}; Keep those less than {k} | x<{k} | x<={k} | x>{k}",
    "at_least | Keep those at least {k} | x>={k} | x>{k} | x<={k}",
    "at_most | Keep those at most {k} | x<={k} | x<{k} | x>={k}",
    "multiple | Keep the multiples of {k}; Keep those divisible by {k} "
    "| x%{k}==0 | x/{k}==0 | x%{k}==1",
    "no_multiple | Drop the multiples of {k} | x%{k}!=0 | x%{k}==0 | x/{k}!=0",
    "other | Drop each {k} | x!={k} | x=={k} | x>{k}",
)
MAPS = _rows(
    MAP,
    "double | Double each | x*2 | x**2 | x+2",
    "square | Square each | x**2 | x*2 | x+2",
    "negate | Negate each; Flip the sign of each | -x | abs(x) | 1/x",
    "add | Add {k} to each; Increase each by {k} | x+{k} | x*{k} | x-{k}",
    "subtract | Subtract {k} from each; Decrease each by {k} | x-{k} | {k}-x | x+{k}",
    "multiply | Multiply each by {k} | x*{k} | x+{k} | x**{k}",
    "modulo | Take each modulo {k}; Take the remainder of each by {k} | x%{k} | x//{k} | x/{k}",
    "divide | Divide each by {k} rounding down | x//{k} | x/{k} | x%{k}",
    "absolute | Take absolute values | abs(x) | -x | x",
)
REDUCERS = _rows(
    REDUCE,
    "sum | the sum; the total | sum(a) | max(a) | len(a)",
    "maximum | the largest; the maximum | max(a) | min(a) | a[-1]",
    "minimum | the smallest; the minimum | min(a) | max(a) | a[0]",
    "count | how many there are; the count | len(a) | sum(a) | len(a)-1",
    "first | the first one | a[0] | a[1] | a[-1]",
    "last | the last one | a[-1] | a[0] | a[1]",
    "range | the largest minus the smallest; the range | max(a)-min(a) | len(a) | min(a)-max(a)",
    "distinct | how many distinct values there are | len(set(a)) | len(a) | set(a)",
    "ascending | them in increasing order | sorted(a) | a | a[::-1]",
    "reversed | them in reverse | a[::-1] | a | sorted(a)",
    "descending | them in decreasing order | sorted(a)[::-1] | sorted(a) | a[::-1]",
)
OPERATIONS = {operation.name: operation for operation in FILTERS + MAPS + REDUCERS}
