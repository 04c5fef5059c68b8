"""Sets that arrive in the order in which they left.

A set's order shows in `tuple({12, 13, 14, 15, 16})`. It depends on the size of the set's table and
on the order in which colliding values came, not on the values alone, so that a set made anew from
its values may have another one. Here a set is told as (size, values): `built` makes a table of that
size, and puts the values in one after the other. Runs inside the sandbox.

Source: cpython 3.11 Objects/setobject.c; `told` tries what it tells, and tells the values as they
come where that does not help.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

Set = set[object] | frozenset[object]

_ENTRY = 16  # bytes: a pointer and a hash
_SMALLEST = 8  # entries
_PROBES = 9  # entries beside its place that a value tries first
_SPARSE = 64  # entries per value, beyond which a table is not worth keeping


def told(values: Set) -> tuple[int, list[object]]:
    """Size of the table, 0 for any; the values in an order that `built` brings back."""
    base = set if isinstance(values, set) else frozenset
    parts: list[object] = list(base.__iter__(values))  # type: ignore[arg-type]  # base fits values
    size = _size(values)
    if len(parts) < 2 or size > _SPARSE * len(parts):
        return 0, parts
    for order in (parts, _history(values, size)):
        for tried in (size, 0):
            if order and _same(built(tried, order, base is frozenset), parts):
                return tried, order
    return 0, parts


def built(size: int, parts: Sequence[object], frozen: bool) -> Set:
    """Raises: TypeError for parts that have no hash, ValueError for a size that is none."""
    if not size:
        return frozenset(parts) if frozen else set(parts)
    if size < _SMALLEST or size & (size - 1) or size > _SPARSE * (len(parts) + 1):
        raise ValueError("no size of a set")
    # A set made of a dict has a table at once that is twice as large as the dict, to a power of 2.
    first = 2 if size == _SMALLEST else max(size // 4, 5)
    if frozen:
        return frozenset(dict.fromkeys(parts[:first])).union(parts[first:])
    fillers = [object() for _ in range(first - len(parts))]
    made = set(dict.fromkeys([*parts[:first], *fillers]))
    made.difference_update(fillers)
    made.update(parts[first:])
    return made


def _size(values: Set) -> int:
    base = set if isinstance(values, set) else frozenset
    entries = (base.__sizeof__(values) - base().__sizeof__()) // _ENTRY
    return entries or _SMALLEST


def _same(made: Iterable[object], parts: list[object]) -> bool:
    return all(one is other for one, other in zip(made, parts, strict=True))


def _history(values: Set, size: int) -> list[object]:
    """The values, each after those that it had to give way to. [] if the table tells no such order.

    It reads the table from memory: nothing else tells where in it a value is.
    """
    if sys.implementation.name != "cpython" or not getattr(sys, "_is_gil_enabled", lambda: True)():
        return []
    import ctypes

    header = (ctypes.c_size_t * 6).from_address(id(values))
    if header[4] + 1 != size:  # reference count, type, fill, used, mask, table
        return []
    table = (ctypes.c_size_t * (2 * size)).from_address(header[5])
    owners = {id(value): value for value in values}
    places = [owners.get(table[2 * i]) if table[2 * i] in owners else _FREE for i in range(size)]
    return _in_order(places)


_FREE = object()


def _in_order(places: list[object]) -> list[object]:
    done: set[int] = set()
    order: list[object] = []
    for start, value in enumerate(places):
        stack = [] if value is _FREE else [start]
        while stack:
            if len(stack) > len(places):
                return []  # in a circle: values were removed in between
            place = stack[-1]
            waits = [i for i in _before(places[place], place, len(places)) if i not in done]
            if any(places[i] is _FREE for i in waits):
                return []
            if waits:
                stack.append(waits[0])
            elif stack.pop() not in done:
                done.add(place)
                order.append(places[place])
    return order


def _before(value: object, place: int, size: int) -> Iterable[int]:
    """Places that a value tried before this one."""
    mask = size - 1
    rest = hash(value) & ((1 << 64) - 1)
    at = rest & mask
    for _ in range(size):
        for near in range(at, at + 1 + (_PROBES if at + _PROBES <= mask else 0)):
            if near == place:
                return
            yield near
        rest >>= 5
        at = (at * 5 + 1 + rest) & mask
