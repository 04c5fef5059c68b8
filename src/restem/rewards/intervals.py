r"""Sets of real numbers in one form: "1 \le x < 2", "x>3", "(3,\infty)", "x<-1 or x>2" and
"(-\infty,-1)\cup(2,\infty)" as lists of intervals; and what \pm stands for.

All texts are in normal form. Nothing is ordered or merged: the ends of intervals are compared by
whoever asks, as formulas.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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


_CUP = re.compile(r"\\cup(?![a-zA-Z]) ?")
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
    parts = [_inequality(part) for part in split_top(text) or [""]]
    regions = [part for part in parts if part is not None]
    if len(regions) < len(parts) or len({part.variable for part in regions}) > 1:
        return None
    return Region(tuple(i for part in regions for i in part.intervals), regions[0].variable)


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
    if "\\pm" not in part and "\\mp" not in part:
        return [part]
    return [_with_signs(part, "+", "-"), _with_signs(part, "-", "+")]


def _with_signs(part: str, for_pm: str, for_mp: str) -> str:
    signed = _SIGNS.sub(lambda match: for_pm if match[1] == "pm" else for_mp, part)
    return _LEADING_PLUS.sub("", signed)
