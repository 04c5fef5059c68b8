"""Numerals that are no decimal numbers: in other bases, times of day, and
what formulas come to, roughly."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from restem.rewards.literal import arithmetic, literal

_BASE = re.compile(r"(-?[0-9A-F]+)_\{?(?:\\text\{)?(\d{1,2}|[a-z]+)\}*", re.ASCII)
_DIGITS = "0123456789ABCDEF"
_SPELLED = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip


def in_base(text: str) -> tuple[str, int] | None:
    """Digits and base of a numeral with a subscript, e.g. 506_7; None for anything else."""
    match = _BASE.fullmatch(text) if "_" in text else None
    if match is None:
        return None
    base = _SPELLED.get(match.group(2)) or (int(match.group(2)) if match.group(2).isdigit() else 0)
    digits = match.group(1).lstrip("-")
    if not 2 <= base <= 16 or any(_DIGITS.index(digit) >= base for digit in digits):
        return None
    return match.group(1).lstrip("0") or "0", base


_OF_INTEGERS = re.compile(
    r"(?:\\|\\text\{)?(gcd|lcm|max|min|GCD|LCM)\}?\(([-\d,]{1,200})\)"
    r"|(?:\\|\\text\{)?(max|min)\}?\\\{([-\d,]{1,200})\\\}", re.ASCII,
)  # fmt: skip
_CHOOSE = re.compile(r"C\((\d{1,3}),(\d{1,3})\)", re.ASCII)
_SERIES = re.compile(r"\\(sum|prod)_\{([a-z])=(\d{1,3})\}\^(?:\{(\d{1,3})\}|(\d))([^=]+)", re.ASCII)
_MAX_TERMS = 100


def computed(text: str) -> Fraction | None:
    r"""The value of \gcd(12,18), \max(3,7), C(5,2), \sum_{k=1}^4 k; None for anything else."""
    if match := _CHOOSE.fullmatch(text):
        return Fraction(math.comb(int(match[1]), int(match[2])))
    if match := _SERIES.fullmatch(text):
        return _series(match)
    match = _OF_INTEGERS.fullmatch(text)
    if match is None:
        return None
    numbers = [literal(part) for part in (match[2] or match[4]).split(",")]
    values = [int(number.value) for number in numbers if number is not None]
    name = (match[1] or match[3]).lower()
    if len(values) < len(numbers):
        return None
    if name in ("gcd", "lcm"):
        return Fraction(math.gcd(*values) if name == "gcd" else math.lcm(*values))
    return Fraction(max(values) if name == "max" else min(values))


def _series(match: re.Match[str]) -> Fraction | None:
    """A finite sum or product of terms that are arithmetic."""
    first, last = int(match[3]), int(match[4] or match[5])
    if last - first >= _MAX_TERMS:
        return None
    letter = re.compile(rf"(?<![\\a-zA-Z]){match[2]}(?![a-zA-Z])")
    total = Fraction(match[1] == "prod")
    for k in range(first, last + 1):
        term = roughly(letter.sub(f"({k})", match[6].strip()))
        if term is None:
            return None
        total = total * term if match[1] == "prod" else total + term
    return total


_TIME = re.compile(
    r"(\d{1,2}):(\d\d)(?::(\d\d))?(?:\\text\{)?(?:([ap])\.?m\.?)?\}?", re.ASCII | re.IGNORECASE
)


def time_of_day(text: str) -> int | None:
    """Seconds since midnight of 8:30, 08:30:00, 8:30p.m.; None for anything else."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    half = (match[4] or "").lower()
    if minute > 59 or second > 59 or hour > (12 if half else 23):
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return (hour * 60 + minute) * 60 + second


_PI = re.compile(r"\\pi(?![a-zA-Z])")
_ROOT_OF = re.compile(r"\\sqrt\{(\d{1,15})\}")
_QUOTIENT = re.compile(r"\\frac\{([^{}]*)\}\{([^{}]*)\}")
_FACTORS = re.compile(r"(?<=[\d)])(?=\()|(?<=\))(?=\d)")


def roughly(text: str) -> Fraction | None:
    """The value of fractions, square roots, pi and arithmetic to 12 digits, None for all else."""
    number = literal(text)
    if number is not None:
        return number.value
    plain = _ROOT_OF.sub(lambda root: f"({math.sqrt(int(root[1])):.12f})", text)
    plain = _PI.sub(f"({math.pi:.12f})", plain).replace(" ", "")
    plain = _FACTORS.sub("*", _QUOTIENT.sub(r"((\1)/(\2))", plain))
    value = arithmetic(plain)
    return None if value is None else value.value


def is_rounded(decimal: str, value: Fraction) -> bool:
    """Whether a decimal is within one unit of its last digit, or within 1 % of a value that takes
    more digits than it has (pi taken for 3.14)."""
    scale = 10 ** len(decimal.partition(".")[2])
    gap = abs(Fraction(decimal) - value)
    return gap * scale < 1 or ((value * scale).denominator > 1 and gap * 100 <= abs(value))
