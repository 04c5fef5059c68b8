r"""Sets of real numbers in one form: "1 \le x < 2", "x>3", "(3,\infty)", "x<-1 or x>2" and
"(-\infty,-1)\cup(2,\infty)" as lists of intervals; and what \pm stands for.

All texts are in normal form. Nothing is ordered or merged: the ends of intervals are compared by
whoever asks, as formulas.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import inf

from restem.rewards.literal import Literal, literal
from restem.rewards.normal import split_top


@dataclass(frozen=True, slots=True)
class Interval:
    """One interval; the brackets say whether its ends belong to it."""

    left: str
    low: str
    high: str
    right: str


@dataclass(frozen=True, slots=True)
class Region:
    """A union of intervals, as it was written."""

    intervals: tuple[Interval, ...]
    variable: str
    """x of "x>3", "" for interval notation."""
    joint: str = ""
    r"""\land or "," between intervals that overlap, so that they are no union; else ""."""


_CUP = re.compile(r"\\cup(?![a-zA-Z]) ?")
CONNECTIVE = re.compile(r"\\(land|lor)(?![a-zA-Z]) ?")
_RELATION = re.compile(r"(\\[lg]e(?![a-zA-Z]) ?|\\ne(?![a-zA-Z]) ?|[<>])")
_VARIABLE = re.compile(r"(?![ei]$)[A-Za-z]|\\(?!pi$|infty$)[a-z]+")
_SET_OF = re.compile(r"\\\{([a-z])(?:\\in\\mathbb\{R\})?(?:\\mid |\\mid|:|\|)(.+)\\\}")
_INFINITE = {"<": r"-\infty", ">": r"\infty"}


def region(text: str) -> Region | None:
    """The set of real numbers that a text describes, None if it is none of the forms above."""
    if match := _SET_OF.fullmatch(text):
        text = match.group(2)
    if "\\cup" in text:
        pieces = [_bracketed(part) for part in _CUP.split(text)]
        found = [piece for piece in pieces if piece is not None]
        return Region(tuple(found), "") if len(found) == len(pieces) else None
    if _RELATION.search(text) is None:
        piece = _bracketed(text)
        return None if piece is None else Region((piece,), "")
    words = set(CONNECTIVE.findall(text))
    if len(words) > 1:
        return None
    parts = [_inequality(part) for part in split_top(CONNECTIVE.sub(",", text)) or [""]]
    regions = [part for part in parts if part is not None]
    if len(regions) < len(parts) or len({part.variable for part in regions}) > 1:
        return None
    return _together(regions, words.pop() if words else ",")


def _together(regions: list[Region], word: str) -> Region:
    """An "or" is a union. "and" and a comma are one, too, where nothing overlaps ("x<1 and x>5").
    Half-lines that face each other are the interval between for "and", open for a comma."""
    intervals = tuple(i for part in regions for i in part.intervals)
    variable = regions[0].variable
    if word == "lor" or len(regions) == 1 or _are_apart(intervals):
        return Region(intervals, variable)
    if word == "land" and len(intervals) == 2:
        low, high = sorted(intervals, key=lambda i: i.low == _INFINITE["<"])
        facing = low.high == _INFINITE[">"] and high.low == _INFINITE["<"]
        ends = literal(low.low), literal(high.high)
        if facing and ends[0] and ends[1] and ends[0].value < ends[1].value:
            return Region((Interval(low.left, low.low, high.high, high.right),), variable)
    excluding = any(len(part.intervals) > 1 for part in regions)  # x \ne 1
    return Region(intervals, variable, "land" if excluding else word)


def _are_apart(intervals: tuple[Interval, ...]) -> bool:
    """Whether no two intervals, whose ends are literals, have a number in common."""
    ends = [(_end(i.low), _end(i.high), i) for i in intervals]
    for at, (low, high, one) in enumerate(ends):
        for other_low, other_high, other in ends[at + 1 :]:
            if low is None or high is None or other_low is None or other_high is None:
                return False
            if high < other_low or other_high < low:
                continue
            touching = high == other_low and not (one.right == "]" and other.left == "[")
            touched = other_high == low and not (other.right == "]" and one.left == "[")
            if not touching and not touched:
                return False
    return True


def _end(text: str) -> Fraction | float | None:
    if text in _INFINITE.values():
        return -inf if text == _INFINITE["<"] else inf
    number = literal(text)
    return None if number is None else number.value


def _bracketed(text: str) -> Interval | None:
    if len(text) < 5 or text[0] not in "([" or text[-1] not in ")]":
        return None
    ends = split_top(text[1:-1])
    if ends is None or len(ends) != 2:
        return None
    return Interval(text[0], ends[0], ends[1], text[-1])


def _inequality(text: str) -> Region | None:
    r"""x<b, a\ge x, a\le x<b, x\ne a."""
    parts = [part.strip() for part in _RELATION.split(text)]
    if not all(parts):
        return None
    if len(parts) == 3:
        left, sign, right = parts
        if "|" in text:
            return _distance(left, sign, right)
        if _VARIABLE.fullmatch(right) and not _VARIABLE.fullmatch(left):
            left, sign, right = right, _flipped(sign), left
        if not _VARIABLE.fullmatch(left):
            return None
        if sign == "\\ne":
            around = Interval("(", _INFINITE["<"], right, ")"), Interval("(", right, r"\infty", ")")
            return Region(around, left)
        return Region((_half_line(sign, right),), left)
    if len(parts) != 5 or not _VARIABLE.fullmatch(parts[2]):
        return None
    low, first, variable, second, high = parts
    if _is_less(first) != _is_less(second) or "\\ne" in (first, second):
        return None
    if not _is_less(first):
        low, first, second, high = high, _flipped(second), _flipped(first), low
    left, right = "[" if first == "\\le" else "(", "]" if second == "\\le" else ")"
    return Region((Interval(left, low, high, right),), variable)


_DISTANCE = re.compile(r"\|([a-zA-Z])(?:([+-])([^|+-]+))?\|")


def _distance(left: str, sign: str, right: str) -> Region | None:
    r"""|x-a|<b is (a-b,a+b), |x-a|\ge b is all but what lies between, for literal a and b>0."""
    if "|" in right and "|" not in left:
        left, sign, right = right, _flipped(sign), left
    match, radius = _DISTANCE.fullmatch(left), literal(right)
    centre = literal(match[3]) if match and match[3] else Literal(Fraction(0))
    if match is None or radius is None or centre is None or radius.value <= 0 or sign == "\\ne":
        return None
    middle = -centre.value if match[2] == "+" else centre.value
    low, high = (_written(middle + step) for step in (-radius.value, radius.value))
    closed = sign in ("\\le", "\\ge")
    if _is_less(sign):
        inside = Interval("[" if closed else "(", low, high, "]" if closed else ")")
        return Region((inside,), match[1])
    outside = _half_line("\\le" if closed else "<", low), _half_line(sign, high)
    return Region(outside, match[1])


def _written(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _is_less(sign: str) -> bool:
    return sign in ("<", "\\le")


def _flipped(sign: str) -> str:
    return {"<": ">", ">": "<", "\\le": "\\ge", "\\ge": "\\le"}.get(sign, sign)


def _half_line(sign: str, end: str) -> Interval:
    if _is_less(sign):
        return Interval("(", r"-\infty", end, "]" if sign == "\\le" else ")")
    return Interval("[" if sign == "\\ge" else "(", end, r"\infty", ")")


# ---- plus or minus

_SIGNS = re.compile(r"\\(pm|mp)(?![a-zA-Z]) ?")
_LEADING_PLUS = re.compile(r"(?:^|(?<=[(=\[{]))\+")


def expanded(part: str) -> list[str]:
    r"""Both values of a part with \pm in it, all signs at once: "1\pm\sqrt{2}" is two numbers."""
    if ("\\pm" not in part and "\\mp" not in part) or _SIGNS.search(part) is None:
        return [part]
    return [_with_signs(part, "+", "-"), _with_signs(part, "-", "+")]


def _with_signs(part: str, for_pm: str, for_mp: str) -> str:
    signed = _SIGNS.sub(lambda match: for_pm if match[1] == "pm" else for_mp, part)
    return _LEADING_PLUS.sub("", signed)
