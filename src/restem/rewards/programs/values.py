"""Plain data as JSON that keeps the exact type, in both directions.

What leaves a program is data of these types and nothing else, so that no object of its making (one
that equals everything, say) ever meets a test. Values of the standard library and numpy (`library`)
travel exactly where tests of Python see them; for results that are compared with JSON they travel
plain: a deque as a list, a named tuple as a tuple, a Counter as a dict, numpy as numbers and lists.
An instance of another subclass of a plain type travels as the plain value it holds, a built-in
class by its name. Every other object is refused, or told by whoever encodes it (`Keep`).

Runs inside the sandbox too. An encoder there may be tampered with; `decode` therefore trusts
nothing.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, ItemsView, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from types import GeneratorType
from typing import cast

from restem.rewards.programs.library import put_together, taken_apart
from restem.rewards.programs.sets import built, told

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MAX_NODES = 1_000_000
MAX_ITEMS = 100_000
"""What is taken of an iterator: it may be endless."""
MAX_ARGUMENT = 10_000_000  # nodes of what tests hand over
MAX_DEPTH = 60
MAX_NESTED = 512
"""Of the JSON that `encode` writes, which takes a few levels for one of the value."""
_MAX_PLAIN = 1 << 53  # larger integers travel in hexadecimal, which is read in linear time
_CLASSES = (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, object)
_MAX_BITS = 1 << 16  # of a fraction's parts: reducing it takes 16 ms
_HEX = re.compile(r"-?0x[0-9a-f]+")


KEPT = "O"
"""Tag of what stands for an object."""
Keep = Callable[[object], Json]
"""Says what stands for an object that is no data, such as a match. Raises: Refused."""
Find = Callable[[Json], object]
"""Says what it stood for. Raises: ValueError."""


_UNREADABLE = (
    *(TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError),
    *(ImportError, re.error),
)  # what making a value of the library may raise


class Refused(TypeError):
    """A value that is no plain data, or too much of it."""


def refuse(value: object) -> Json:
    """A Keep for where nothing can stand for an object. Raises: Refused."""
    raise Refused(f"a value of type {type(value).__name__}")


def not_found(told: Json) -> object:
    """The Find that belongs to it. Raises: ValueError."""
    raise ValueError("an object where none can be")


def encode(value: object, nodes: int = MAX_NODES, keep: Keep | None = None) -> Json:
    """Plain if nothing is kept, else exact. Raises: Refused, also for more than `nodes` values in
    one another."""
    return _Encoder(nodes, keep).encoded(value, 0)


def decode(data: Json, find: Find = not_found) -> object:
    """Raises: ValueError for what `encode` would not have written."""
    try:
        return _Decoder(find).decoded(data, 0)
    except _UNREADABLE as error:
        raise ValueError(f"no encoded value: {type(error).__name__}") from error


class _Encoder:
    """Counts down the nodes that are still allowed."""

    def __init__(self, nodes: int, keep: Keep | None) -> None:
        self._left, self._keep = nodes, keep
        self._done: dict[int, tuple[int, object]] = {}
        """Numbers of the lists, dicts and sets that are told, by identity; held, lest another one
        takes it."""

    def encoded(self, value: object, depth: int) -> Json:
        self._left -= 1
        if self._left < 0:
            raise Refused("too many values")
        if depth > MAX_DEPTH:
            raise Refused(f"nested deeper than {MAX_DEPTH}")
        if self._keep is not None and type(value) not in _PLAIN:
            parts = taken_apart(value)
            if parts is not None:
                return {parts[0]: self._all(parts[1], depth + 1)}
        kind = type(value)
        if kind.__module__ == "numpy" or kind.__module__.startswith("numpy."):
            return self._numpy(value, depth + 1)
        plain = _atom(value)
        if plain is not NotImplemented:
            return plain  # type: ignore[return-value]  # an atom is Json
        return self._container(value, depth + 1)

    def _all(self, parts: Iterable[object], depth: int) -> list[Json]:
        """Most parts are small whole numbers, text or floats: those need no call."""
        if depth > MAX_DEPTH:
            return [self.encoded(part, depth) for part in parts]
        done: list[Json] = []
        for part in parts:
            kind = type(part)
            if kind is str or (kind is int and -_MAX_PLAIN < cast(int, part) < _MAX_PLAIN):
                done.append(cast("Json", part))
            elif kind is float:
                done.append({"f": cast(float, part).hex()})
            else:
                done.append(self.encoded(part, depth))
                continue
            self._left -= 1
            if self._left < 0:
                raise Refused("too many values")
        return done

    def _numpy(self, value: object, depth: int) -> Json:
        import numpy as np

        if isinstance(value, np.generic):
            return self.encoded(value.item(), depth)
        if isinstance(value, np.ndarray):
            return self.encoded(value.tolist(), depth)
        return self._kept(value, f"numpy.{type(value).__name__}")

    def _kept(self, value: object, name: str) -> Json:
        if self._keep is None:
            raise Refused(f"a value of type {name}")
        return {KEPT: self._keep(value)}

    def _container(self, value: object, depth: int) -> Json:
        """A list that stands in two places arrives as one list in two places."""
        if self._keep is None or not isinstance(value, _SHARED):
            return self._new(value, depth)
        if id(value) in self._done:
            return {"again": [self._done[id(value)][0]]}
        told = self._new(value, depth)
        self._done[id(value)] = len(self._done), value
        return told

    def _new(self, value: object, depth: int) -> Json:
        if isinstance(value, list):
            return self._all(list.__iter__(value), depth)
        if isinstance(value, deque):
            return self._all(deque.__iter__(value), depth)
        if isinstance(value, tuple):
            return {"t": self._all(tuple.__iter__(value), depth)}
        if isinstance(value, dict):
            return {"d": [self._all(pair, depth) for pair in dict.items(value)]}
        if isinstance(value, (set, frozenset)):
            size, parts = told(value)
            return {"s" if isinstance(value, set) else "z": [size, *self._all(parts, depth)]}
        if type(value) in _VIEWS:
            return {_VIEWS[type(value)]: self._view(cast("Iterable[object]", value), depth)}
        if isinstance(value, Iterator):
            return self._iterator(value, depth)
        return self._kept(value, type(value).__name__)

    def _view(self, view: Iterable[object], depth: int) -> Json:
        if isinstance(view, ItemsView):
            return [self._all(pair, depth) for pair in view]
        return self._all(view, depth)

    def _iterator(self, value: Iterator[object], depth: int) -> Json:
        """Generators, map, zip, ...: what they give."""
        parts = self._all(islice(value, MAX_ITEMS), depth)
        if len(parts) == MAX_ITEMS:
            return {"more": parts}
        return {"y" if isinstance(value, GeneratorType) else "g": parts}


_SHARED = (list, dict, set)
_PLAIN = (int, str, bool, float, type(None), list, tuple, dict)


def _atom(value: object) -> object:
    """A value without parts, NotImplemented for all others. Methods of the plain types are called
    by name, so that a subclass cannot answer for them."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        number = int.__index__(value)
        return number if -_MAX_PLAIN < number < _MAX_PLAIN else {"i": hex(number)}
    if isinstance(value, float):
        return {"f": float.hex(value)}
    if isinstance(value, complex):
        return {"c": [float.hex(complex(value).real), float.hex(complex(value).imag)]}
    if isinstance(value, (bytes, bytearray)):
        return {"b" if isinstance(value, bytes) else "B": value.hex()}
    if isinstance(value, range):
        return {"r": [{"i": hex(part)} for part in (value.start, value.stop, value.step)]}
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, type) and value in _CLASSES:
        return {"T": value.__name__}
    if isinstance(value, Fraction):
        return {"Q": [{"i": hex(value.numerator)}, {"i": hex(value.denominator)}]}
    return NotImplemented


def _decimal(value: Decimal) -> Json:
    if Decimal.is_snan(value):
        raise Refused("a signalling NaN")  # it raises wherever it is compared
    return {"D": Decimal.__str__(value)}


_VIEWS: dict[type, str] = {
    type({}.keys()): "keys",
    type({}.values()): "values",
    type({}.items()): "items",
}


class _Decoder:
    """Remembers lists, dicts and sets in the order in which they were told."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._done: list[object] = []

    def decoded(self, data: Json, depth: int) -> object:
        if depth > 2 * MAX_DEPTH:
            raise ValueError("nested too deep")
        if isinstance(data, list):
            self._done.append(self._all(data, depth + 1))
            return self._done[-1]
        if not isinstance(data, dict):
            return data
        ((tag, content),) = data.items()
        if isinstance(content, str):
            return _decode_text(tag, content)
        if tag == KEPT:
            return self._find(content)
        if not isinstance(content, list):
            raise ValueError(f"no content for {tag}")
        if tag == "c":
            real, imaginary = content
            return complex(float.fromhex(str(real)), float.fromhex(str(imaginary)))
        return self._assembled(tag, content, depth + 1)

    def _assembled(self, tag: str, content: list[Json], depth: int) -> object:
        if tag == "again":
            (number,) = content
            if type(number) is not int or number < 0:
                raise ValueError("no number")
            return self._done[number]
        parts: list[object]
        if tag in ("d", "items"):
            parts = [self._all(pair, depth) for pair in content if isinstance(pair, list)]
            if len(parts) != len(content):
                raise ValueError("no pairs")
        else:
            parts = self._all(content, depth)
        made = _assemble(tag, parts)
        if tag in ("d", "s"):
            self._done.append(made)
        return made

    def _all(self, parts: list[Json], depth: int) -> list[object]:
        return [
            part if type(part) is int or type(part) is str else self.decoded(part, depth)
            for part in parts
        ]


def _decode_text(tag: str, text: str) -> object:
    if tag == "f":
        return float.fromhex(text)
    if tag == "i":
        if not _HEX.fullmatch(text):
            raise ValueError("no whole number")
        return int(text, 16)
    if tag == "D":
        number = Decimal(text)
        if number.is_snan():
            raise ValueError("a signalling NaN")
        return number
    if tag == "T":
        return {kind.__name__: kind for kind in _CLASSES}[text]
    if tag in ("b", "B"):
        return bytes.fromhex(text) if tag == "b" else bytearray.fromhex(text)
    raise ValueError(f"unknown tag {tag!r}")


def _assemble(tag: str, parts: list[object]) -> object:
    if tag == "t":
        return tuple(parts)
    if tag in ("s", "z"):
        size, *parts = parts
        if type(size) is not int:
            raise ValueError("no size of a set")
        return built(size, parts, frozen=tag == "z")
    if tag in ("g", "y"):
        return iter(parts) if tag == "g" else (part for part in parts)
    if tag == "more":
        return _endless(parts)
    if tag == "keys":
        return dict.fromkeys(parts).keys()
    if tag == "values":
        return dict(enumerate(parts)).values()
    if tag in ("d", "items"):
        pairs = [(key, value) for key, value in cast("list[tuple[object, object]]", parts)]
        return dict(pairs) if tag == "d" else dict(pairs).items()
    if tag == "r":
        return range(*cast("list[int]", parts))
    if tag == "Q":
        return _fraction(parts)
    return put_together(tag, parts)


def _endless(parts: list[object]) -> Iterator[object]:
    yield from parts
    raise RuntimeError(f"more than {MAX_ITEMS} items of an iterator")


def _fraction(parts: list[object]) -> Fraction:
    """Raises: ValueError for parts that are no whole numbers, or too long to be reduced."""
    numerator, denominator = parts
    if type(numerator) is not int or type(denominator) is not int:
        raise ValueError("no fraction")
    if max(numerator.bit_length(), denominator.bit_length()) > _MAX_BITS:
        raise ValueError("a fraction of too many digits")
    return Fraction(numerator, denominator)
