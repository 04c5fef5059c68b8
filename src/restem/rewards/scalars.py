"""Rules about single numbers and words. The choices they make are listed in `exact`."""

from __future__ import annotations

import re
from collections.abc import Callable

from restem.rewards.literal import (
    arithmetic,
    has_operation,
    is_malformed,
    is_unfinished,
    literal,
    same_number,
)
from restem.rewards.normal import split_top
from restem.rewards.numerals import in_base, time_of_day

Decision = bool | None
"""Equal, different, or undecided."""
Compare = Callable[[str, str], Decision]
Rule = Callable[[str, str, Compare], Decision]
"""A rule decides about two texts in normal form; the third argument is asked about what is left of
their parts."""


def literals(answer: str, gold: str, leaf: Compare) -> Decision:
    ours, theirs = literal(answer), literal(gold)
    return None if ours is None or theirs is None else same_number(ours, theirs)


_EXACT_DIGITS = 7  # a gold decimal of so many digits may stand for an irrational number
_VARIABLE = re.compile(r"(?<![\\A-Za-z])[a-df-hj-zA-Z](?![A-Za-z])")
_UNDONE = re.compile(r"\\(?:int|sum|prod|lim)(?![a-zA-Z])|\\frac\{d\}\{d[a-z]\}|d/d[a-z]")
_CODE = re.compile(r"(?:(?<![\\A-Za-z])[A-Za-z]+|\\text\{[^{}]*\})\d", re.ASCII)  # A1B2
_NUMERAL = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


def unfinished(answer: str, gold: str, leaf: Compare) -> Decision:
    """False for arithmetic, a sum, an integral or a derivative that is left undone, for characters
    that are not spelled in ASCII, and for letters before digits in another order."""
    if not (answer.isascii() and gold.isascii()):
        return answer.casefold() == gold.casefold()
    if _CODE.search(answer) or _CODE.search(gold):
        return answer.casefold() == gold.casefold()
    if set(_UNDONE.findall(answer)) - set(_UNDONE.findall(gold)):
        return False
    if literal(answer) is not None or "=" in answer:  # the sides of a chain were looked at
        return None
    number = literal(gold)
    if number is not None and number.digits < _EXACT_DIGITS:
        return False if has_operation(answer) or _VARIABLE.search(answer) else None
    if is_unfinished(answer):
        return None if sorted(_NUMERAL.findall(answer)) == sorted(_NUMERAL.findall(gold)) else False
    return None


_SUBSCRIPT = re.compile(r"-?[0-9A-F]+_\{?\d+\}?", re.ASCII)


def _bases(answer: str, gold: str, leaf: Compare) -> Decision:
    ours, theirs = in_base(answer), in_base(gold)
    if (ours is None) != (theirs is None):  # 2b_{16}
        ours, theirs = ours or in_base(answer.upper()), theirs or in_base(gold.upper())
    if ours is None and theirs is None:  # 4094_7 is no numeral
        return False if _SUBSCRIPT.fullmatch(answer) or _SUBSCRIPT.fullmatch(gold) else None
    if ours is None and theirs is not None:
        return answer.lstrip("0") == theirs[0] if re.fullmatch(r"-?[0-9A-F]+", answer) else False
    if theirs is None and ours is not None:
        return ours[1] == 10 and literals(ours[0], gold, leaf) is True
    return ours == theirs


def _times(answer: str, gold: str, leaf: Compare) -> Decision:
    if ":" not in answer or ":" not in gold:
        return None
    ours, theirs = time_of_day(answer), time_of_day(gold)
    return None if ours is None or theirs is None else ours == theirs


def _ratios(answer: str, gold: str, leaf: Compare) -> Decision:
    """1:2:3 equals 2:4:6: as many parts, in order, proportional. Two parts are a quotient."""
    if (answer.count(":") < 2 and gold.count(":") < 2) or "=" in answer:
        return None
    ours, theirs = (split_top(text, ":") or [text] for text in (answer, gold))
    if max(len(ours), len(theirs)) < 3:
        return None
    numbers = [[literal(part) for part in parts] for parts in (ours, theirs)]
    a, b = ([n.value for n in row if n is not None] for row in numbers)
    if not len(a) == len(b) == len(ours) == len(theirs):
        return False
    scales = next(((x, y) for x, y in zip(a, b, strict=True) if x and y), None)
    if scales is None:
        return False
    return all(x * scales[1] == y * scales[0] for x, y in zip(a, b, strict=True))


DIGITS_APART = re.compile(r"(?<![_^\d.])[\d.]+ \d", re.ASCII)  # "1 2" is neither 12 nor 2


def _numbers(answer: str, gold: str, leaf: Compare) -> Decision:
    if any(DIGITS_APART.search(text) or is_malformed(text) for text in (answer, gold)):
        return False
    ours, theirs = literal(answer) or arithmetic(answer), literal(gold) or arithmetic(gold)
    if ours is not None and theirs is not None:
        return same_number(ours, theirs)
    return None


_NUMBER_WORDS = ("pi", "infinity", "inf", "oo", "infty")


def _words(answer: str, gold: str, leaf: Compare) -> Decision:
    if answer.isalpha() and gold.isalpha() and answer.isascii() and gold.isascii():
        if answer.casefold() == gold.casefold():
            whole = len(answer) > 2 or answer.lower() in ("no", "on", "up", "it")
            return True if whole else None
        if "no" in (answer.lower(), gold.lower()):
            return False
        return False if min(len(answer), len(gold)) > 2 or len(answer) == len(gold) == 1 else None
    for word, other in ((answer, gold), (gold, answer)):
        wordy = word.isascii() and word.isalpha()
        if wordy and word.lower() not in _NUMBER_WORDS and literal(other) is not None:
            return False
    return None


SCALARS: tuple[Rule, ...] = (_bases, _times, _ratios, _numbers, _words)
"""But for `literals`, which is quick and comes first, and `unfinished`."""
