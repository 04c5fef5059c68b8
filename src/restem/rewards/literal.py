r"""Numbers that are written down: integers, decimals, fractions, mixed numbers, powers of ten,
percent, plain arithmetic.

Exact: everything is a `Fraction`. Nothing is evaluated but digits and + - * / ^ ( ).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_MAX_LENGTH = 1000  # characters of a literal; Python converts up to 4,300 digits
_MIN_DIGITS = 7  # significant digits from which a decimal may stand for a repeating fraction


@dataclass(frozen=True, slots=True)
class Literal:
    """A rational number as it was written."""

    value: Fraction
    percent: bool = False
    digits: int = 0
    """Significant digits of a decimal with a point; 0 for exact forms."""


_DECIMAL = re.compile(r"([+-]?)(\d+\.\d*|\.\d+|\d+)(%?)", re.ASCII)
_NUM = r"\d+(?:\.\d+)?"
_FRACTION = re.compile(
    rf"([+-]?)(?:\\frac\{{([+-]?)({_NUM})\}}\{{([+-]?)({_NUM})\}}|({_NUM})/({_NUM}))(%?)",
    re.ASCII,
)
_MIXED = re.compile(r"([+-]?)(\d+)\\frac\{(\d+)\}\{(\d+)\}(%?)", re.ASCII)
_SCIENTIFIC = re.compile(
    r"([+-]?\d+(?:\.\d+)?)(?:(?:\\times|\\cdot|\*)10\^\{?|[eE])([+-]?\d{1,3})\}?", re.ASCII
)
_REPEATING = re.compile(r"([+-]?)(\d*)\.(\d*)\\overline\{(\d+)\}", re.ASCII)


def literal(text: str) -> Literal | None:
    """The number a text in normal form writes down, None if it is no literal number."""
    if len(text) > _MAX_LENGTH or not any(c.isdigit() for c in text[-3:]):
        return None
    if match := _DECIMAL.fullmatch(text):
        digits = match[2].replace(".", "").lstrip("0") if "." in match[2] else ""
        return Literal(_signed(match[1], Fraction(match[2])), bool(match[3]), len(digits))
    if match := _FRACTION.fullmatch(text):
        bottom = Fraction(match[5] or match[7])
        if bottom == 0:
            return None
        sign = "-" if [match[1], match[2], match[4]].count("-") % 2 else ""
        return Literal(_signed(sign, Fraction(match[3] or match[6]) / bottom), bool(match[8]))
    if (match := _MIXED.fullmatch(text)) and int(match[4]):
        value = int(match[2]) + Fraction(int(match[3]), int(match[4]))
        return Literal(_signed(match[1], value), bool(match[5]))
    if match := _SCIENTIFIC.fullmatch(text):
        digits = len(match[1].lstrip("+-0.").replace(".", "")) if "." in match[1] else 0
        return Literal(Fraction(match[1]) * Fraction(10) ** int(match[2]), digits=digits)
    if match := _REPEATING.fullmatch(text):
        period = Fraction(int(match[4]), 10 ** len(match[4]) - 1) / 10 ** len(match[3])
        return Literal(_signed(match[1], Fraction(f"{match[2] or 0}.{match[3] or 0}") + period))
    return None


def _signed(sign: str, value: Fraction) -> Fraction:
    return -value if sign == "-" else value


def same_number(a: Literal, b: Literal) -> bool:
    """Symmetric. 10% is 10 and 0.1, but 100% is not 1, for an integer beside a percentage is the
    percentage; a decimal with 7 digits may stand for a repeating fraction."""
    if a.value == b.value:
        return True
    pairs = [(a.value, b.value)]
    if a.percent != b.percent and (b if a.percent else a).value.denominator > 1:
        pairs.append((a.value / 100, b.value) if a.percent else (a.value, b.value / 100))
    return any(x == y or _stands_for(a, x, y) or _stands_for(b, y, x) for x, y in pairs)


def _stands_for(decimal: Literal, value: Fraction, exact: Fraction) -> bool:
    return not _terminates(exact) and close(value, exact, decimal.digits)


def close(value: Fraction, exact: Fraction, digits: int) -> bool:
    """Whether a decimal of so many digits agrees up to one unit of its last digit."""
    return digits >= _MIN_DIGITS and abs(value - exact) <= abs(exact) / 10 ** (digits - 1)


def _terminates(value: Fraction) -> bool:
    bottom = value.denominator
    for prime in (2, 5):
        while bottom % prime == 0:
            bottom //= prime
    return bottom == 1


# ---- plain arithmetic

_PLAIN = re.compile(r"[0-9.+\-*/^()%]+")
_BROKEN = re.compile(r"/0+(?![\d.])|[+\-*/^.(]$|^[*/^)]|[+\-*/^]{2}|\.\d*\.|\(\)")
_TOKEN = re.compile(r"\d+(?:\.\d+)?|\.\d+|[+\-*/^()]", re.ASCII)
_MAX_ARITHMETIC = 200  # characters
_MAX_BITS = 4096  # of numerator and denominator of any intermediate value


class _NoArithmetic(Exception):
    """Leaves the parser."""


def is_malformed(text: str) -> bool:
    """Nothing but digits and operators, and yet no number: "7/", "1..2"."""
    return _PLAIN.fullmatch(text) is not None and (
        _BROKEN.search(text) is not None or text.count("(") != text.count(")")
    )


_RATIONAL = re.compile(
    r"(?:[0-9.+\-*/^()\[\]{}%| ]|\\(?:times|cdot|ast|div|frac|text)(?![a-zA-Z])|\\[{}])+"
)
_ROOT = re.compile(r"\^[{(]?[^{}()]*[/.]|\^\{?\\frac")
_HEAD = re.compile(r"\\[a-zA-Z]+(?:_\{[^{}]*\}|_\w)?(?:\[\d*\])?")  # \log_2, \sqrt[3]
_TIMES = re.compile(
    r"\\(?:times|cdot|ast|div|sum|prod|int|lim|gcd|lcm|max|min|[bp]?mod)(?![a-zA-Z])"
)
_OPERATION = re.compile(
    r"[*|]|!/|(?<=[\w.)\]}%!])[+-]"  # a sign after a number is no sign
    r"|[0-9)\]}!][(\[~]|[)\]}!][0-9]|[0-9)\]}!][a-zA-Z]"  # factors side by side
)


def has_operation(text: str) -> bool:
    r"""Whether a text in normal form leaves a sum, product or chain of quotients to the reader:
    "12+7*4", "(1/2)/3", "\sqrt{1}40", "40+0x"; not "6/8", "2^4", "\sqrt{1600}", "\binom{5}{2}"."""
    if text.count("/") + text.count("\\frac") > 1:
        return True
    if _TIMES.search(text):
        return True
    return _OPERATION.search(_HEAD.sub("~", text).replace("}{", "")) is not None


def is_unfinished(text: str) -> bool:
    """Whether a text in normal form is arithmetic of rational numbers that is not carried out."""
    if literal(text) is not None or _RATIONAL.fullmatch(text) is None or _ROOT.search(text):
        return False
    return has_operation(text)


def arithmetic(text: str) -> Literal | None:
    """The value of digits, + - * / ^ and brackets; None for anything else or too large."""
    plain = text.replace(r"\times", "*").replace(r"\cdot", "*").replace(r"\div", "/")
    plain = plain.replace("**", "^")
    if len(plain) > _MAX_ARITHMETIC or not _PLAIN.fullmatch(plain) or "%" in plain:
        return None
    tokens = _TOKEN.findall(plain)
    if "".join(tokens) != plain:
        return None
    tokens.reverse()
    try:
        value = _sum(tokens)
    except _NoArithmetic:
        return None
    return None if tokens else Literal(value)


def _sum(tokens: list[str]) -> Fraction:
    """The parser eats tokens from the end of the list."""
    value = _product(tokens)
    while tokens and tokens[-1] in "+-":
        sign = tokens.pop()
        other = _product(tokens)
        value = _bounded(value + other if sign == "+" else value - other)
    return value


def _product(tokens: list[str]) -> Fraction:
    negative = bool(tokens) and tokens[-1] == "-"
    if negative:
        tokens.pop()
    value = -_power(tokens) if negative else _power(tokens)
    while tokens and tokens[-1] in "*/":
        divide = tokens.pop() == "/"
        other = _power(tokens)
        if divide and other == 0:
            raise _NoArithmetic
        value = _bounded(value / other if divide else value * other)
    return value


def _power(tokens: list[str]) -> Fraction:
    value = _atom(tokens)
    if tokens and tokens[-1] == "^":
        tokens.pop()
        exponent = _atom(tokens)
        bits = max(value.numerator.bit_length(), value.denominator.bit_length())
        if exponent.denominator != 1 or exponent < 0 or bits * exponent > _MAX_BITS:
            raise _NoArithmetic
        if tokens and tokens[-1] == "^":
            raise _NoArithmetic  # a tower
        value = value ** int(exponent)
    return value


def _atom(tokens: list[str]) -> Fraction:
    if not tokens:
        raise _NoArithmetic
    token = tokens.pop()
    if token == "(":
        value = _sum(tokens)
        if not tokens or tokens.pop() != ")":
            raise _NoArithmetic
        return value
    if token in "+-*/^)":
        raise _NoArithmetic
    return Fraction(token)


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_BITS:
        raise _NoArithmetic
    return value
