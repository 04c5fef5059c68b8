"""Values of the standard library and numpy, taken apart into plain data and put together again.

Each tag names a type and how it is made; nothing else can be made, so that what a program sends is
data, never code. Instances of subclasses travel as the type of the library that they are. Runs
inside the sandbox.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import keyword
from collections import namedtuple
from collections.abc import Callable, Iterable
from typing import Any

Parts = list[object]
_MAX_PATTERN = 10_000  # characters of a regular expression
_NUMPY_KINDS = "biufcmMSU"  # of dtypes that hold no objects


def _attributes(*names: str) -> Callable[[Any], Parts]:
    return lambda value: [getattr(value, name) for name in names]


def _text(value: object) -> Parts:
    return [str(value)]


def _offset(value: Any) -> Parts:  # a timezone
    return list(value.__getinitargs__())


def _expression(make: Callable[..., object], pattern: str | bytes, flags: int) -> object:
    if len(pattern) > _MAX_PATTERN:
        raise ValueError("a regular expression that is too long")
    return make(pattern, flags)


def _mapping(make: Callable[..., object], pairs: Iterable[tuple[object, object]]) -> object:
    return make(dict(pairs))


def _default(make: Callable[..., object], factory: object, pairs: Iterable[Any]) -> object:
    return make(factory, dict(pairs))


def _call(make: Callable[..., object], *parts: object) -> object:
    return make(*parts)


_DATE, _TIME = ("year", "month", "day"), ("hour", "minute", "second", "microsecond", "tzinfo")
Taken = Callable[[Any], Parts]
Made = Callable[..., object]
_TYPES: dict[str, tuple[str, str, Taken, Made]] = {
    "date": ("datetime", "date", _attributes(*_DATE), _call),
    "datetime": ("datetime", "datetime", _attributes(*_DATE, *_TIME), _call),
    "time": ("datetime", "time", _attributes(*_TIME), _call),
    "timedelta": (
        "datetime", "timedelta", _attributes("days", "seconds", "microseconds"), _call,
    ),
    "timezone": ("datetime", "timezone", _offset, _call),
    "zone": ("zoneinfo", "ZoneInfo", _attributes("key"), _call),
    "deque": ("collections", "deque", lambda value: [list(value), value.maxlen], _call),
    "Counter": ("collections", "Counter", lambda value: [list(dict.items(value))], _mapping),
    "ordered": ("collections", "OrderedDict", lambda value: [list(value.items())], _call),
    "default": (
        "collections", "defaultdict",
        lambda value: [value.default_factory, list(dict.items(value))], _default,
    ),
    "pattern": ("re", "compile", _attributes("pattern", "flags"), _expression),
    "uuid": ("uuid", "UUID", _text, _call),
    "path": ("pathlib", "PosixPath", _text, _call),
    "pure path": ("pathlib", "PurePosixPath", _text, _call),
    "ip4": ("ipaddress", "IPv4Address", _text, _call),
    "ip6": ("ipaddress", "IPv6Address", _text, _call),
    "slice": ("builtins", "slice", _attributes("start", "stop", "step"), _call),
}  # fmt: skip
_TAGS = {(module, name): tag for tag, (module, name, _, _) in _TYPES.items()}
_TAGS["re", "Pattern"] = "pattern"


def taken_apart(value: object) -> tuple[str, Parts] | None:
    """Tag and parts; None for what is no value of the library's."""
    for base in type(value).__mro__:
        tag = _TAGS.get((base.__module__, base.__name__))
        if tag is not None:
            return tag, _TYPES[tag][2](value)
    fields = getattr(type(value), "_fields", None)
    if isinstance(value, tuple) and isinstance(fields, tuple):
        fields = list(fields)
        return "named", [type(value).__name__, fields, list(tuple.__iter__(value))]
    if type(value).__module__ == "numpy":
        return _numpy_parts(value)
    return None


def put_together(tag: str, parts: Parts) -> object:
    """Raises: ValueError, TypeError, and what the type itself raises for parts that are none."""
    if tag == "named":
        return _named(*parts)
    if tag == "numpy":
        return _numpy(*parts)
    if tag not in _TYPES:
        raise ValueError(f"unknown tag {tag!r}")
    module, name, _, make = _TYPES[tag]
    return make(getattr(importlib.import_module(module), name), *parts)


def _named(name: object, fields: object, values: object) -> object:
    """Its names become source text of a class: only plain words may."""
    if not isinstance(fields, list) or not isinstance(values, list):
        raise ValueError("no named tuple")
    for word in (name, *fields):
        if not isinstance(word, str) or not word.isidentifier() or keyword.iskeyword(word):
            raise ValueError("no name of a named tuple")
    return namedtuple(str(name), fields)(*values)


def _numpy_parts(value: object) -> tuple[str, Parts] | None:
    import numpy as np

    if not isinstance(value, (np.generic, np.ndarray)) or value.dtype.kind not in _NUMPY_KINDS:
        return None
    array = np.asarray(value)
    scalar = isinstance(value, np.generic)
    return "numpy", [array.dtype.str, list(array.shape), array.tobytes(), scalar]


def _numpy(kind: object, shape: object, data: object, scalar: object) -> object:
    import numpy as np

    dtype = np.dtype(str(kind))
    if dtype.kind not in _NUMPY_KINDS or not isinstance(data, bytes) or not isinstance(shape, list):
        raise ValueError("no numpy array")
    array = np.frombuffer(data, dtype).reshape(shape).copy()
    return array[()] if scalar is True else array


def key_of(value: object) -> object:
    """What makes a member of an Enum or an instance of a dataclass equal to another one of its
    class; None for all else."""
    if isinstance(value, enum.Enum):
        return value.name
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [[f.name, getattr(value, f.name)] for f in dataclasses.fields(value) if f.compare]
    return None
