r"""Arithmetic that a solution writes down, and whether it is right: `3*4+5=17`, `<<48/2=24>>`.

Every `left = right` whose sides are plain arithmetic is checked exactly, each pair of a chain
(`3*4+5 = 12+5 = 17`) for itself. Nothing is evaluated but numbers and + - * / ^ mod % ( ), by the
parser in `arithmetic.py`. A bare decimal may be rounded or cut off at its last digit.

NOTE: what stands around an expression decides whether it is whole. `x+5=40/4` has the side `x+5`,
which is no number; in "half of 20+4 = 14" the words take part. Where that is unclear (letters,
roots, units inside a sum, a remainder after the result) the equation is left out: a line that is
not counted costs little, a right one called wrong costs the table its credit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from restem.evaluation.arithmetic import MAX_TOKENS, Token, plain_text, tokenise, value_of


@dataclass(frozen=True, slots=True)
class Equation:
    """One step, as written."""

    text: str
    holds: bool


_ANNOTATION = re.compile(r"<<([^<>\n]{1,200})>>")


def equations(text: str) -> list[Equation]:
    """The arithmetic steps of a solution, each distinct one once, in order."""
    if "=" not in text:
        return []
    inner = _ANNOTATION.findall(text)
    outside = _ANNOTATION.sub("", text)
    found = {
        re.sub(r"\s", "", one.text): one for part in (*inner, outside) for one in _checked(part)
    }
    return list(found.values())


def _checked(text: str) -> Iterator[Equation]:
    plain = plain_text(text)
    tokens = tokenise(plain)
    for place, token in enumerate(tokens):
        if token.kind != "=":
            continue
        first, last = _left(tokens, place), _right(tokens, place)
        left = [token.text for token in tokens[first:place]]
        right = [token.text for token in tokens[place + 1 : last]]
        in_chain = first > 0 and tokens[first - 1].kind == "="
        if not (in_chain or _has_operator(left) or _has_operator(right)) or "mod" in right:
            continue
        ours, theirs = value_of(left), value_of(right)
        if ours is None or theirs is None:
            continue
        end = tokens[last - 1].start + len(tokens[last - 1].text)
        written = plain[tokens[first].start : end]
        yield Equation(" ".join(written.split()), _equal(left, ours, right, theirs))


# ---- where a side begins and ends


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ARITHMETIC = ("number", "operator")
_ACTING = _words(
    "of times twice thrice double triple half plus minus less more by than over to sin cos tan cot "
    "sec csc log ln exp sqrt root gcd lcm max min abs floor ceil square cube per"
)
"""Words that take the number after them as an operand."""
_CHANGING = _words(
    "remainder rem thousand million billion trillion hundred dozen percent percentage times plus "
    "minus over divided multiplied squared cubed choose"
)
"""Words that change the number before them."""
_LEADING = _words(
    "so get gets first then next thus hence have has is are since therefore that and now gives "
    "because as find finds finally where with but or if we"
)
"""Words after which a bare number is a side, not a name ("Week 4 = 48+48")."""
_PUNCTUATION = frozenset(".,;:?'\"()[]~—…’‘“”`#>")


def _left(tokens: Sequence[Token], place: int) -> int:
    """Index of the first token of the expression that ends before `place`; `place` if none."""
    first, depth = place, 0
    while first > 0 and tokens[first - 1].kind in _ARITHMETIC and place - first < MAX_TOKENS:
        depth += {")": 1, "(": -1}.get(tokens[first - 1].text, 0)
        if depth < 0:
            break
        first -= 1
    if first == place or first == 0:
        return first
    start, before = tokens[first], tokens[first - 1]
    if before.kind in ("=", "line"):
        return first
    if start.text in ("-", "+") and (start.glued or not tokens[first + 1].glued):
        return place  # the other operand is no number
    if before.kind == "word":
        word = before.text.lower()
        acts = len(word) == 1 or word in _ACTING or (first == place - 1 and word not in _LEADING)
        return place if acts or start.glued else first
    is_whole = before.text in _PUNCTUATION and not _joins_digits(tokens, first - 1)
    return first if is_whole and before.text != ")" else place


def _right(tokens: Sequence[Token], place: int) -> int:
    """Index after the last token of the expression that begins after `place`; `place` if none."""
    last, depth, opened = place + 1, 0, place + 1
    while last < len(tokens) and tokens[last].kind in _ARITHMETIC and last - place < MAX_TOKENS:
        depth += {"(": 1, ")": -1}.get(tokens[last].text, 0)
        if depth < 0:
            break
        opened = last if tokens[last].text == "(" and depth == 1 else opened
        last += 1
    if depth > 0 and not tokens[opened].glued:
        last = opened  # "24 (since ...": a remark
    if last >= len(tokens) or tokens[last].kind in ("=", "line") or tokens[last].text == "(":
        return last
    after = tokens[last]
    if after.kind == "word":
        changes = len(after.text) == 1 and after.text not in "aA"
        return place if changes or after.glued or after.text.lower() in _CHANGING else last
    is_whole = after.text in _PUNCTUATION and not _joins_digits(tokens, last)
    return last if is_whole else place


def _joins_digits(tokens: Sequence[Token], place: int) -> bool:
    """Whether a punctuation mark belongs to a number: 2:1, 0.\\overline{3}, (1,2)."""
    after = tokens[place + 1] if place + 1 < len(tokens) else None
    if after is None or not after.glued or not tokens[place].glued:
        return False
    return after.kind == "number" or (after.kind == "other" and after.text not in _PUNCTUATION)


# ---- equality

_OPERATORS = frozenset(("+", "-", "*", "/", "^", "mod", "%", "("))


def _has_operator(side: Sequence[str]) -> bool:
    """More than a number with its sign."""
    return any(word in _OPERATORS for word in side[1:])


def _equal(left: Sequence[str], ours: Fraction, right: Sequence[str], theirs: Fraction) -> bool:
    if ours == theirs or _is_rounded(left, ours, theirs) or _is_rounded(right, theirs, ours):
        return True
    percents = [side[-1] == "%" and len(side) == 2 for side in (left, right)]
    return percents[0] != percents[1] and (
        ours * 100 == theirs if percents[0] else theirs * 100 == ours
    )


def _is_rounded(side: Sequence[str], decimal: Fraction, exact: Fraction) -> bool:
    """Whether a side is a bare decimal that another value gives when rounded or cut off."""
    *sign, number = side
    if sign not in ([], ["-"]) or "." not in number:
        return False
    unit, gap = Fraction(1, 10 ** len(number.partition(".")[2])), abs(decimal - exact)
    return 2 * gap <= unit or (gap < unit and abs(decimal) < abs(exact))
