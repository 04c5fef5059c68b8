"""Plain data as JSON that keeps the exact type, in both directions.

What leaves a program is data of these types and nothing else, so that no object of its making (one
that equals everything, say) ever meets a test. An instance of a subclass of a plain type (a named
tuple, a Counter, an IntEnum) travels as the plain value it holds, numpy scalars and arrays as
numbers and lists, a deque as a list, a built-in class by its name; every other object is refused.

Runs inside the sandbox too. An encoder there may be tampered with; `decode` therefore trusts
nothing.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import ItemsView, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import cast

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MAX_NODES = 200_000
MAX_ARGUMENT = 10_000_000  # nodes of what tests hand over
MAX_DEPTH = 60
_MAX_PLAIN = 1 << 53  # larger integers travel in hexadecimal, which is read in linear time
_CLASSES = (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, object)
_MAX_BITS = 1 << 16  # of a fraction's parts: reducing it takes 16 ms
_HEX = re.compile(r"-?0x[0-9a-f]+")


class Refused(TypeError):
    """A value that is no plain data, or too much of it."""


def encode(value: object, nodes: int = MAX_NODES) -> Json:
    """Raises: Refused, also for more than `nodes` values in one another."""
    return _encode(value, [nodes], 0)


def decode(data: Json) -> object:
    """Raises: ValueError for what `encode` would not have written."""
    try:
        return _decode(data, 0)
    except (TypeError, KeyError, ArithmeticError) as error:
        raise ValueError(f"no encoded value: {error}") from error


def _encode(value: object, left: list[int], depth: int) -> Json:
    """`left` counts down the nodes that are still allowed."""
    left[0] -= 1
    if left[0] < 0:
        raise Refused("too many values")
    if depth > MAX_DEPTH:
        raise Refused(f"nested deeper than {MAX_DEPTH}")
    kind = type(value)
    if kind.__module__ == "numpy" or kind.__module__.startswith("numpy."):
        return _encode(_without_numpy(value), left, depth + 1)
    plain = _atom(value)
    return _container(value, left, depth + 1) if plain is NotImplemented else plain  # type: ignore[return-value]  # an atom is Json


def _without_numpy(value: object) -> object:
    import numpy as np

    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise Refused(f"a value of type numpy.{type(value).__name__}")


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


def _container(value: object, left: list[int], depth: int) -> Json:
    if isinstance(value, list):
        return [_encode(part, left, depth) for part in list.__iter__(value)]
    if isinstance(value, deque):
        return [_encode(part, left, depth) for part in deque.__iter__(value)]
    if isinstance(value, tuple):
        return {"t": [_encode(part, left, depth) for part in tuple.__iter__(value)]}
    if isinstance(value, dict):
        return {"d": [_pair(pair, left, depth) for pair in dict.items(value)]}
    if isinstance(value, (set, frozenset)):
        base = set if isinstance(value, set) else frozenset
        parts = [_encode(part, left, depth) for part in base.__iter__(value)]  # type: ignore[arg-type]  # base fits value
        return {"s" if base is set else "z": sorted(parts, key=repr)}
    if type(value) in _VIEWS:
        return {_VIEWS[type(value)]: _view(cast("Iterable[object]", value), left, depth)}
    if isinstance(value, Iterator):  # generators, map, zip, ...; an endless one runs into the limit
        return {"g": [_encode(part, left, depth) for part in value]}
    raise Refused(f"a value of type {type(value).__name__}")


def _view(view: Iterable[object], left: list[int], depth: int) -> Json:
    if isinstance(view, ItemsView):
        return [_pair(pair, left, depth) for pair in view]
    return [_encode(part, left, depth) for part in view]


def _pair(pair: tuple[object, object], left: list[int], depth: int) -> Json:
    return [_encode(part, left, depth) for part in pair]


def _decode(data: Json, depth: int) -> object:
    if depth > 2 * MAX_DEPTH:
        raise ValueError("nested too deep")
    if isinstance(data, list):
        return [_decode(part, depth + 1) for part in data]
    if not isinstance(data, dict):
        return data
    ((tag, content),) = data.items()
    if isinstance(content, str):
        return _decode_text(tag, content)
    if not isinstance(content, list):
        raise ValueError(f"no content for {tag}")
    if tag == "c":
        real, imaginary = content
        return complex(float.fromhex(str(real)), float.fromhex(str(imaginary)))
    return _assemble(tag, [_decode(part, depth + 1) for part in content])


def _decode_text(tag: str, text: str) -> object:
    if tag == "i":
        if not _HEX.fullmatch(text):
            raise ValueError("no whole number")
        return int(text, 16)
    if tag == "f":
        return float.fromhex(text)
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
        return set(parts) if tag == "s" else frozenset(parts)
    if tag == "g":
        return iter(parts)
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
    raise ValueError(f"unknown tag {tag!r}")


def _fraction(parts: list[object]) -> Fraction:
    """Raises: ValueError for parts that are no whole numbers, or too long to be reduced."""
    numerator, denominator = parts
    if type(numerator) is not int or type(denominator) is not int:
        raise ValueError("no fraction")
    if max(numerator.bit_length(), denominator.bit_length()) > _MAX_BITS:
        raise ValueError("a fraction of too many digits")
    return Fraction(numerator, denominator)
