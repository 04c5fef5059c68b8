"""Plain data keeps its exact type; everything else is refused."""

import enum
import json
import math
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from restem.rewards.programs.caller import Kept
from restem.rewards.programs.values import MAX_DEPTH, MAX_NODES, Json, Refused, decode, encode


def travelled(value: object) -> object:
    return decode(json.loads(json.dumps(encode(value))))


_ATOMS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary() | st.complex_numbers(allow_nan=False) | st.fractions()
)  # fmt: skip
_DATA = st.recursive(
    _ATOMS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(_ATOMS, max_size=4)
        | st.frozensets(_ATOMS, max_size=4)
        | st.dictionaries(_ATOMS, inner, max_size=4)
    ),
    max_leaves=12,
)


def exactly(value: object) -> object:
    """A value with its types, all the way down."""
    if isinstance(value, dict):
        return dict, [(exactly(k), exactly(v)) for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [exactly(part) for part in value]
    if isinstance(value, (set, frozenset)):
        return type(value), sorted(repr(exactly(part)) for part in value)
    return type(value), repr(value)


@given(_DATA)
def test_data_arrives_as_it_was(value: object) -> None:
    assert exactly(travelled(value)) == exactly(value)


ODD = {
    "huge": 10**5000, "least long": -(1 << 53), "most short": (1 << 53) - 1, "infinite": math.inf,
    "negative zero": -0.0, "subnormal": 1e-320, "range": range(3, 9, 2), "decimal": Decimal("1.10"),
    "bytearray": bytearray(b"a"), "surrogate": "\ud800", "empty": (), "nested": ((), [], {}),
    "class": int,
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_data_arrives(name: str) -> None:
    got = travelled(ODD[name])
    assert type(got) is type(ODD[name])
    assert got == ODD[name]
    assert name == "huge" or repr(got) == repr(ODD[name])


class Shout(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "something else"


class Agrees(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class Colour(enum.IntEnum):
    RED = 3


def test_subclasses_travel_as_the_plain_value_they_hold() -> None:
    point = namedtuple("point", "x y")
    cases: list[tuple[object, object]] = [
        (point(1, 2), (1, 2)), (Counter("aab"), {"a": 2, "b": 1}), (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, {1: [2]}), {1: [2]}), (Colour.RED, 3), (Agrees(7), 7), (Shout("x"), "x"),
        (deque([1, 2]), [1, 2]), (np.float64(0.5), 0.5), (np.int64(3), 3), (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]), (np.str_("a"), "a"),
    ]  # fmt: skip
    for value, plain in cases:
        assert exactly(travelled(value)) == exactly(plain)


def test_iterators_and_views_stay_iterators_and_views() -> None:
    squares = travelled(x * x for x in (1, 2))
    assert squares != [1, 4]
    assert list(squares) == [1, 4]  # type: ignore[call-overload]
    assert travelled({"a": 1, (1, 2): 1}.keys()) == {"a", (1, 2)}
    assert travelled({"a": 1}.items()) == {("a", 1)}
    assert list(travelled({"a": 1}.values())) == [1]  # type: ignore[call-overload]


def endless() -> object:
    while True:
        yield 1


def test_endless_iterators_end_with_an_error() -> None:
    parts = travelled(endless())
    assert next(parts) == 1  # type: ignore[call-overload]
    with pytest.raises(RuntimeError, match="items of an iterator"):
        list(parts)  # type: ignore[call-overload]


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


SELF: list[object] = []
SELF.append(SELF)


REFUSED: dict[str, object] = {
    "object": object(), "function": print, "class": SimpleNamespace, "type": type,
    "namespace": SimpleNamespace(a=1),
    "deep": nested(MAX_DEPTH + 1), "in itself": SELF,
    "many": [0] * (MAX_NODES + 1), "inside": [[lambda: 1]], "as value": {1: object()},
    "signalling NaN": Decimal("sNaN"),
    "as key": {object(): 1}, "ellipsis": ..., "not implemented": NotImplemented,
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_the_rest_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        encode(REFUSED[name])


FORGED: list[Json] = [
    {}, {"i": "1"}, {"i": "0x"}, {"i": "0xg"}, {"i": 3}, {"f": "one"}, {"f": "0x1p99999"},
    {"c": ["0x0p0"]}, {"b": "zz"}, {"t": 3}, {"s": [[1]]}, {"d": [[1]]}, {"d": [[[], 1]]},
    {"D": "x"}, {"Q": [1, 0]}, {"r": []}, {"unknown": []}, {"unknown": "x"}, {"t": [], "s": []},
    {"i": None}, {"r": ["a"]}, {"d": [1]}, {"D": "sNaN"}, {"D": "-sNaN7"}, {"s": [{"D": "sNaN"}]},
]  # fmt: skip


@pytest.mark.parametrize("data", FORGED)
def test_forged_data_is_a_value_error(data: Json) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # that it is one is the claim
        decode(data)


def test_deep_forgery_is_a_value_error() -> None:
    data: Json = []
    for _ in range(900):
        data = [data]
    with pytest.raises(ValueError, match="no encoded value"):
        decode(data)


def test_a_list_in_two_places_stays_one() -> None:
    row: list[object] = [0]
    named = {"row": row, 1: {2, 3}}
    kept = Kept()
    told = json.loads(json.dumps(encode([row, (row, named), named, [0]], keep=kept.keep)))
    first, (second, third), fourth, other = decode(told)  # type: ignore[misc]
    assert (first, fourth, other) == ([0], {"row": [0], 1: {2, 3}}, [0])
    assert first is second is third["row"]
    assert third is fourth
    assert other is not first


AGAIN: list[Json] = [
    {"again": [0]}, {"again": [-1]}, {"again": []}, {"again": ["x"]}, [{"again": [0]}],
]  # fmt: skip


@pytest.mark.parametrize("data", AGAIN, ids=repr)
def test_what_was_not_told_cannot_be_told_again(data: Json) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # that it is one is the claim
        decode(data)
