r"""Plain arithmetic in text: tokens, and the exact value of + - * / ^ mod % ( ) on numbers.

Never `eval`: a small recursive-descent parser on `Fraction`, with bounds on what it takes.
LaTeX (\frac, \cdot, \%), typography (×, −) and thousands separators are read as what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

MAX_TOKENS = 120  # of one side
_MAX_DEPTH = 30  # of brackets
_MAX_DIGITS = 40  # of one number
_MAX_BITS = 4096  # of a power


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of plain text."""

    kind: str
    """`number`, `operator`, `=`, `word`, `line` or `other`."""
    text: str
    start: int
    glued: bool
    """No blank before it."""


_NUMBER = r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_TOKEN = re.compile(
    rf"(?P<number>{_NUMBER})|(?P<line>\n)|(?P<relation>[<>!:=≠≤≥≈]=+|==)|(?P<equals>=)"
    r"|(?P<command>\\[A-Za-z]+)|(?P<word>[^\W\d_]+)|(?P<operator>[-+*/^()%])|(?P<other>\S)",
    re.ASCII,
)
_FRAC = re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_WRAPPED = re.compile(r"\\(?:boxed|text|textbf|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_REWRITES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\{,\}", ","),
        (r"(?:\\\\|\n)[ \t]*(?:&[ \t]*)?=", "="),  # an aligned chain goes on in the next line
        (
            r"\\\\|\\(?:q?quad|implies|iff|therefore|to|(?:R|r|Longr|longr)ightarrow)(?![a-zA-Z])",
            "\n",
        ),
        (r"\\!|(?<=\d)\\,(?=\d{3})", ""),
        (r"\\\$|\$|&|\\left(?![a-zA-Z])|\\right(?![a-zA-Z])|\\[,;: ]|[\u00a0\u202f\u2009]", " "),
        (r"\\%", "%"),
        (r"\\pmod\s*\{([^{}]*)\}", r" (mod \1)"),
        (r"\\b?mod(?![a-zA-Z])", " mod "),
        (r"\\(?:times|cdot|ast)(?![a-zA-Z])|[×·∙⋅]", "*"),
        (r"\\div(?![a-zA-Z])|÷", "/"),
        (r"[−–]", "-"),
        (r"\^\s*\{([^{}]*)\}", r"^(\1)"),
        (r"(?<![\d)])\*\*|\*\*(?![\d(])", " "),  # bold type
        (r"(?<=[\d)])\*\*(?=[\d(])", "^"),
        (r"(?<=[\d)]) [xX] (?=[\d(])|(?<=\d)[xX](?=\d)", "*"),
    )
)


def value(text: str) -> Fraction | None:
    """The exact value of a text that is plain arithmetic and nothing else; None for others."""
    return value_of([token.text for token in tokenise(plain_text(text))])


def plain_text(text: str) -> str:
    """LaTeX and typography as plain characters, one for one where the length allows."""
    if "\\" in text:
        for pattern, form in ((_FRAC, _quotient), (_WRAPPED, r" \1 ")):
            for _ in range(3):  # nested ones, from the inside
                text = pattern.sub(form, text)
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return text


def _quotient(found: re.Match[str]) -> str:
    return f"(({found[1] or found[2] or ''})/({found[3] or found[4] or ''}))"


def tokenise(text: str) -> list[Token]:
    """Every mark of a text but blanks."""
    tokens: list[Token] = []
    end = -1
    for match in _TOKEN.finditer(text):
        kind, word = str(match.lastgroup), match.group()
        kind = {"equals": "=", "relation": "other", "command": "other"}.get(kind, kind)
        if word == "mod":
            kind = "operator"
        tokens.append(Token(kind, word, match.start(), match.start() == end))
        end = match.end()
    return tokens


class _NoArithmetic(Exception):
    """Leaves the parser."""


def value_of(words: Sequence[str]) -> Fraction | None:
    """The value of a list of tokens; None if it is no arithmetic, too large, or undefined."""
    if not words or len(words) > MAX_TOKENS or words.count("(") > _MAX_DEPTH:
        return None
    rest = list(reversed(words))
    try:
        result = _sum(rest)
    except (_NoArithmetic, ZeroDivisionError):
        return None
    too_large = max(result.numerator.bit_length(), result.denominator.bit_length()) > 2 * _MAX_BITS
    return None if rest or too_large else result


def _sum(rest: list[str]) -> Fraction:
    """The parser eats tokens from the end of the list."""
    total = _product(rest)
    while rest and rest[-1] in ("+", "-"):
        sign = rest.pop()
        term = _product(rest)
        total = total + term if sign == "+" else total - term
    return total


def _product(rest: list[str]) -> Fraction:
    product = _signed(rest)
    while rest and rest[-1] in ("*", "/", "mod", "("):
        operator = rest.pop() if rest[-1] != "(" else "*"  # 2(3+4)
        factor = _signed(rest)
        if operator == "mod":
            product %= factor
        else:
            product = product * factor if operator == "*" else product / factor
    return product


def _signed(rest: list[str]) -> Fraction:
    negative = False
    while rest and rest[-1] in ("-", "+"):
        negative ^= rest.pop() == "-"
    power = _power(rest)
    return -power if negative else power


def _power(rest: list[str]) -> Fraction:
    base = _atom(rest)
    if not rest or rest[-1] != "^":
        return base
    rest.pop()
    exponent = _atom(rest)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if exponent.denominator != 1 or exponent < 0 or bits * exponent > _MAX_BITS:
        raise _NoArithmetic
    return Fraction(base ** int(exponent))


def _atom(rest: list[str]) -> Fraction:
    word = rest.pop() if rest else ""
    if word == "(":
        inner = _sum(rest)
        if not rest or rest.pop() != ")":
            raise _NoArithmetic
    elif word[:1].isdigit() or word[:1] == ".":
        if len(word) > _MAX_DIGITS:
            raise _NoArithmetic
        inner = Fraction(word.replace(",", ""))
    else:
        raise _NoArithmetic
    while rest and rest[-1] == "%":
        rest.pop()
        inner /= 100
    return inner
