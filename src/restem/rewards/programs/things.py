"""What stands, in world B, for an object of the program that is no data: a match, say, or a node.

It has an identity and a truth, and asks the program for all else: attributes, calls, its length,
what it gives when iterated, its text. What comes back is data, or another thing. It never asks
whether it equals something or is larger: an object could answer that it does. It equals a thing of
the same kind with the same `key` (members of an Enum, instances of a dataclass), else itself alone.
Runs inside the sandbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, cast

from restem.rewards.programs.library import key_of
from restem.rewards.programs.values import Find, Json, decode, encode, refuse

T = TypeVar("T")

_JUDGING = {"startswith", "endswith", "difference", "symmetric_difference"} | {
    name for kind in (str, bytes, float, int, set) for name in dir(kind) if name.startswith("is")
}  # methods of plain data that say yes or no, or what differs: an object in the place of data would
# say what is wanted
Ask = Callable[[dict[str, Json], tuple[object, ...], dict[str, object] | None], object]
"""Asks for an object's attribute: the call without arguments, and those; no keywords, not even
none of them, leave the attribute uncalled."""


class Thing:
    """`number` names it where the program runs."""

    __slots__ = ("_ask", "key", "kind", "number", "truth")

    def __init__(self, ask: Ask, number: int, truth: Json, kind: str, key: object) -> None:
        self._ask, self.number, self.truth = ask, number, truth
        self.kind, self.key = kind, key

    def __getattribute__(self, name: str) -> object:
        """Attributes of ours are read with `object.__getattribute__` alone."""
        if name.startswith("__") and name.endswith("__"):
            return object.__getattribute__(self, name)
        if name in _JUDGING:
            raise AttributeError(name)
        return _asked(self, {"m": name}, ())

    def __call__(self, *arguments: object, **keywords: object) -> object:
        return _asked(self, {"m": "__call__"}, arguments, keywords)

    def __bool__(self) -> bool:
        truth = object.__getattribute__(self, "truth")
        if type(truth) is not bool:
            raise TypeError("it is neither true nor false")
        return truth

    def __len__(self) -> int:
        return _of(int, _method(self, "__len__"))

    def __getitem__(self, key: object) -> object:
        return _method(self, "__getitem__", key)

    def __iter__(self) -> Iterator[object]:
        found = _method(self, "__iter__")
        if isinstance(found, Thing):
            raise TypeError("its iterator cannot be read")
        return iter(cast("Iterable[object]", found))  # raises TypeError for what is none

    def __str__(self) -> str:
        return _of(str, _method(self, "__str__"))

    def __int__(self) -> int:
        return _of(int, _method(self, "__int__"))

    def __float__(self) -> float:
        return _of(float, _method(self, "__float__"))

    def __repr__(self) -> str:
        return f"<{object.__getattribute__(self, 'kind')}>"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        kind, key = _known(self)
        if isinstance(other, Thing):
            return key is not None and (kind, key) == _known(other)
        return key is not None and (kind, key) == (type(other).__name__, key_of(other))

    def __hash__(self) -> int:
        return hash(object.__getattribute__(self, "kind"))


def _known(thing: Thing) -> tuple[object, object]:
    get = object.__getattribute__
    return get(thing, "kind"), get(thing, "key")


def told(value: object) -> Json:
    """A Keep: a thing as the program told it. Raises: Refused for all else."""
    if not isinstance(value, Thing):
        return refuse(value)
    get = object.__getattribute__
    kind, key = _known(value)
    return [get(value, "number"), get(value, "truth"), str(kind), encode(key, keep=told)]


def _asked(
    thing: Thing,
    call: dict[str, Json],
    arguments: tuple[object, ...],
    keywords: dict[str, object] | None = None,
) -> object:
    ask: Ask = object.__getattribute__(thing, "_ask")
    number: Json = object.__getattribute__(thing, "number")
    return ask({"o": number, **call}, arguments, keywords)


def _method(thing: Thing, name: str, *arguments: object) -> object:
    return _asked(thing, {"m": name}, arguments, {})


def _of(kind: type[T], value: object) -> T:
    if type(value) is not kind and not hasattr(type(value), "agrees"):
        raise TypeError(f"it gave no {kind.__name__}")
    return kind(value)  # type: ignore[call-arg]  # int, float or str


def finder(ask: Ask) -> Find:
    """Makes things of what `caller` told. Raises: ValueError for what it would not have."""

    def find(told: Json) -> object:
        if not isinstance(told, list) or len(told) != 4:
            raise ValueError("no object")
        number, truth, kind, key = told
        if type(number) is not int or not isinstance(kind, str):
            raise ValueError("no object")
        return Thing(ask, number, truth, kind, decode(key, find))

    return find
