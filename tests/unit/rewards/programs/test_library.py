"""Values of the library travel exactly where tests of Python see them, and as data alone."""

import collections
import dataclasses
import datetime
import enum
import json
import pathlib
import re
import uuid
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from restem.rewards.programs.caller import Kept
from restem.rewards.programs.values import Json, decode, encode

Point = collections.namedtuple("Point", "x y")
UTC = datetime.UTC
VALUES: list[object] = [
    datetime.date(2020, 2, 29), datetime.datetime(2021, 3, 4, 5, 6, 7, 8),
    datetime.datetime(2021, 3, 4, tzinfo=UTC), datetime.time(23, 59, tzinfo=UTC),
    datetime.timedelta(-3, 4, 5), datetime.timezone(datetime.timedelta(hours=2), "X"),
    Decimal("1.10"), Fraction(-2, 3), complex(1, -0.0), range(9, 3, -2), slice(1, None, 2),
    collections.Counter("abca"), collections.OrderedDict([("b", 1), ("a", [2])]),
    collections.defaultdict(list, {1: [2]}), collections.deque([1, 2], 5), Point(1, [Point(2, 3)]),
    re.compile("a+", re.I), re.compile(b"x"), uuid.UUID(int=7), pathlib.PurePosixPath("a/b"),
    np.float32(0.1), np.int64(-3), np.bool_(True), np.datetime64("2020-01-02"), {"a": np.str_("b")},
]  # fmt: skip


def travelled(value: object) -> object:
    return decode(json.loads(json.dumps(encode(value, keep=Kept().keep))))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_arrive_with_their_type(value: object) -> None:
    got = travelled(value)
    if isinstance(value, Point):  # a class of its own making, with the same fields
        assert (got, type(got).__name__, got._fields) == (value, "Point", ("x", "y"))  # type: ignore[attr-defined]
        return
    assert type(got) is type(value)
    assert got == value
    assert repr(got) == repr(value)


def test_arrays_arrive_with_shape_and_type() -> None:
    for array in (np.array([[1, 2], [3, 4]], "i2"), np.zeros((0, 3)), np.array(["a", "bc"])):
        got = travelled(array)
        assert isinstance(got, np.ndarray)
        assert (got.dtype, got.shape, got.tolist()) == (array.dtype, array.shape, array.tolist())


FORGED: list[Json] = [
    {"date": [0, 0, 0]}, {"date": ["x"]}, {"timedelta": [10**12, 0, 0]}, {"pattern": ["(", 0]},
    {"pattern": ["a" * 10**5, 0]}, {"uuid": ["x"]}, {"named": ["P", ["x=print(1)"], [1]]},
    {"named": ["import", ["x"], [1]]}, {"named": ["P", ["x"], [1, 2]]}, {"named": 3},
    {"numpy": ["O", [1], {"b": ""}, False]}, {"numpy": ["<i8", [3], {"b": "00"}, False]},
    {"numpy": ["<i8", [-1, 0], {"b": ""}, False]}, {"Counter": [[[1]]]}, {"zone": ["../x"]},
    {"default": [print.__name__, []]}, {"system": ["x"]}, {"slice": []}, {"O": [0]},
    {"s": ["x", 1]}, {"path": [[]]},
]  # fmt: skip


@pytest.mark.parametrize("data", FORGED, ids=repr)
def test_what_is_no_value_is_a_value_error(data: Json) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # that it is one is the claim
        decode(data)


class Colour(enum.Enum):
    RED = 3
    BLUE = 4


@dataclasses.dataclass
class Node:
    value: int
    following: object = None


def test_objects_are_kept_and_told_by_number() -> None:
    kept = Kept()
    match = re.match("a", "ab")
    told = encode([match, None, match, Colour.RED], keep=kept.keep)
    assert told == [
        {"O": [0, True, "Match", None]}, None, {"O": [0, True, "Match", None]},
        {"O": [1, True, "Colour", "RED"]},
    ]  # fmt: skip
    assert kept.find([0]) is match
    with pytest.raises(ValueError, match="no object"):
        kept.find([2])


def test_objects_that_hold_themselves_end() -> None:
    node = Node(1)
    node.following = node
    told = encode(node, keep=Kept().keep)
    assert len(json.dumps(told)) < 200
