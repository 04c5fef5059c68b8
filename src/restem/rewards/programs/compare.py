"""Whether what a program gave is what the tests expect. Two rules each: the usual one and a strict
one, for the audit.

Printed text: the same tokens in the same order. A number may differ by 1e-6 (absolute or relative)
only where the expected token is written with a point or an exponent. No folding of case, no sets,
no other order. Results of calls: equal as Python has it (so True equals 1 and 2.0 equals 2), with
the rules of APPS's own harness on top: a tuple is a list, keys that JSON turned into text may be
whole numbers, an expected `[x]` may be x once, at the top; and 1e-6 where a float is expected.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from restem.rewards.programs.values import Json, decode

TOLERANCE = 1e-6
_MAX_TOKEN = 40
_ATOMS = {"i", "f", "c", "D", "Q"}
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][+-]?[0-9]{1,3})?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def same_output(expected: str, given: str) -> bool:
    """Of printed text."""
    ours, theirs = expected.split(), given.split()
    if ours == theirs:
        return True
    return len(ours) == len(theirs) and all(map(_same_token, ours, theirs))


def _same_token(expected: str, given: str) -> bool:
    if expected == given:
        return True
    if len(expected) > _MAX_TOKEN or len(given) > _MAX_TOKEN:
        return False
    if not (_DECIMAL.fullmatch(expected) and _NUMBER.fullmatch(given)):
        return False
    wanted, got = Decimal(expected), Decimal(given)
    return abs(wanted - got) <= Decimal(str(TOLERANCE)) * max(Decimal(1), abs(wanted))


def same_output_strict(expected: str, given: str) -> bool:
    """The same lines, blanks at their ends and empty lines at the end apart."""
    return _lines(expected) == _lines(given)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def same_result(expected: Json, given: Json) -> bool:
    """Of a call: `expected` as JSON in the tests, `given` as `values.encode` wrote it.

    Raises: ValueError if `given` is no encoded value. Only single numbers and texts are decoded
    here: a hash table of the program's making could be built to be slow.
    """
    if _equal(expected, given):
        return True
    return isinstance(expected, list) and len(expected) == 1 and _equal(expected[0], given)


def same_value(expected: Json, given: Json) -> bool:
    """As `same_result`, but an expected `[x]` is no x. Raises: ValueError."""
    return _equal(expected, given)


def _equal(expected: Json, given: Json) -> bool:
    if isinstance(expected, list):
        parts = given if isinstance(given, list) else _content(given, "t")
        return (
            parts is not None and len(expected) == len(parts) and all(map(_equal, expected, parts))
        )
    if isinstance(expected, dict):
        pairs = _content(given, "d")
        return pairs is not None and len(expected) == len(pairs) and _same_items(expected, pairs)
    value = _atom(given)
    if isinstance(expected, float) and isinstance(value, (int, float)):
        return _close(expected, value)
    return bool(expected == value)


def _content(given: Json, tag: str) -> list[Json] | None:
    """What a container of this tag holds, None for all else."""
    content = given.get(tag) if isinstance(given, dict) else None
    return content if isinstance(content, list) else None


def _atom(given: Json) -> object:
    """A decoded number or text; a container is equal to nothing an atom is compared with."""
    if isinstance(given, list) or (isinstance(given, dict) and not _ATOMS & given.keys()):
        return NotImplemented
    return decode(given)


def _same_items(expected: dict[str, Json], pairs: list[Json]) -> bool:
    """As many pairs as expected keys, no key twice."""
    seen = set()
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError("no encoded pair")
        key = str(pair[0]) if type(pair[0]) is int else pair[0]  # below 2**53, or it is a dict
        if not isinstance(key, str) or key not in expected or key in seen:
            return False
        seen.add(key)
        if not _equal(expected[key], pair[1]):
            return False
    return True


def _close(expected: float, given: float) -> bool:
    """A whole number may be too large for a float."""
    if expected == given or (expected != expected and given != given):
        return True
    try:
        distance = abs(expected - given)
    except OverflowError:
        return False
    return math.isfinite(expected) and distance <= TOLERANCE * max(1.0, abs(expected))


def same_result_strict(expected: Json, given: Json) -> bool:
    """Equal in value and type, as far as JSON can tell types apart. Raises: ValueError."""
    if isinstance(expected, list):
        return (
            isinstance(given, list)
            and len(expected) == len(given)
            and all(map(same_result_strict, expected, given))
        )
    if isinstance(expected, dict):
        pairs = _content(given, "d")
        if pairs is None or len(pairs) != len(expected):
            return False
        named = {
            pair[0]: pair[1]
            for pair in pairs
            if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)
        }
        return named.keys() == expected.keys() and all(
            same_result_strict(expected[key], value) for key, value in named.items()
        )
    value = _atom(given)
    return type(expected) is type(value) and bool(expected == value)
