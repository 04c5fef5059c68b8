r"""Equality that takes algebra, for answers that `exact.decide` leaves open. Runs in killable
workers.

The rules of `exact` take lists, intervals, matrices and equations apart, here as there; what is
left are formulas. math-verify reads them, LaTeX only (its expression fallback picks single numbers
out of formulas it cannot read), without its own timers (they need the main thread and whole
seconds). Two expressions are equal if they agree to 20 digits (6 if a decimal is involved)
wherever both are real, at points of all signs (math-verify itself rounds to 6 absolute decimals: it
takes 1/2004! for 1/2006!); it is asked about everything else. Answer text is never given to `eval`,
`sympify` or `parse_expr`.

`guard.refusal` has let the pair pass before.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from restem.core.records import CORRECT, ERROR, WRONG
from restem.rewards.exact import decide
from restem.rewards.literal import Literal, close, literal

if TYPE_CHECKING:
    from sympy import Basic


def equal(pair: tuple[str, str]) -> tuple[str, str]:
    """Outcome (correct, wrong, error) and reason for (answer, gold). An exception is `error`."""
    leaf = _Leaf()
    try:
        decision = decide(*pair, leaf)
    except Exception as fault:  # noqa: BLE001  (the plug-in boundary: the fault becomes a row, counted by the stage)
        return ERROR, type(fault).__name__
    return (CORRECT, "algebra") if decision else (WRONG, leaf.reason)


def warm_up() -> None:
    """Import and exercise math-verify once (about 1.2 s), and silence its loggers."""
    import math_verify  # a missing package ends the worker here, with its traceback

    assert math_verify
    for name in ("math_verify", "latex2sympy2_extended"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    equal((r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}"))


class _Leaf:
    """Compares two formulas in normal form and remembers why they were last found different."""

    def __init__(self) -> None:
        self.reason = "algebra"

    def __call__(self, answer: str, gold: str) -> bool:
        reason = _why_different(answer, gold)
        self.reason = reason or self.reason
        return reason is None


def _why_different(answer: str, gold: str) -> str | None:
    """Why two formulas are not equal, None if they are."""
    from math_verify import verify
    from sympy import Expr

    if _mixes_cases(answer, gold):
        return "upper and lower case"
    theirs, ours = _parsed(gold), _parsed(answer)
    if ours is None or theirs is None:
        return "unparsable" if ours is None else "gold unparsable"
    if _is_undefined(ours) or _is_undefined(theirs):
        return "undefined"
    for text, other in ((answer, theirs), (gold, ours)):
        same = _decimal_against(literal(text), other)
        if same is not None:
            return None if same else "algebra"
    if isinstance(ours, Expr) and isinstance(theirs, Expr):
        same = _same_value(ours, theirs)
        if same is not None:
            return None if same else "algebra"
    same = _same_inequality(ours, theirs)
    if same is not None:
        return None if same else "algebra"
    same = verify([theirs], [ours], timeout_seconds=None, raise_on_error=True)
    return None if same and confirmed(ours, theirs) else "algebra"


_GREEK = re.compile(
    r"\\([gdtlxpso](?:amma|elta|heta|ambda|i|igma|hi|si|mega)|[GDTLXPSO](?:amma|elta|heta|ambda|i|igma|hi|si|mega))(?![a-z])"
)
_COMMANDS = re.compile(r"\\text\{[^{}]*\}|\\[a-zA-Z]+")


def _mixes_cases(answer: str, gold: str) -> bool:
    """Whether a variable is upper case on one side and lower case on the other: math-verify reads
    both as one."""
    ours, theirs = (
        {*filter(str.isalpha, _COMMANDS.sub("", text)), *_GREEK.findall(text)}
        for text in (answer, gold)
    )
    return any(name[0].swapcase() + name[1:] in ours | theirs for name in ours ^ theirs)


_PERCENT = re.compile(r"(?<=[\d})])%")
_ANGLE = re.compile(r"(\d+(?:\.\d+)?|[a-zA-Z]|\\[a-z]+|\([^()]*\))\^\\circ ?")
_SIDE_BY_SIDE = re.compile(r"(?<=[\d)}])\((?=-?[\d.]+\))")
_FUNCTION = re.compile(r"_|\\(?!(?:frac|cdot|times|pi|text)(?![a-zA-Z]))[a-zA-Z]")
_EULER = re.compile(r"\\text\{e\}")


def _readable(text: str) -> str:
    """A normal form as math-verify reads it: no percent sign, angles in radians, factors with a
    sign between (it adds up 2(4))."""
    if "(" in text and _FUNCTION.search(text) is None:
        text = _SIDE_BY_SIDE.sub(r"\\cdot (", text)
    text = _ANGLE.sub(r"(\\frac{\\pi}{180}\\cdot \1)", _PERCENT.sub("", text))
    return _EULER.sub("e", text)


@lru_cache(4096)
def _parsed(text: str) -> Basic | None:
    """One formula in normal form as a sympy object, None if math-verify cannot read it."""
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    spelling = NormalizationConfig(  # units are ours: math-verify takes the c of 6+9c for cents
        basic_latex=True,
        units=False,
        malformed_operators=True,
        nits=True,
        boxed="all",
        equations=False,
    )

    found = parse(
        "\\boxed{" + _readable(text) + "}",
        extraction_config=[
            LatexExtractionConfig(boxed_match_priority=0, normalization_config=spelling)
        ],
        extraction_mode="first_match",
        fallback_mode="no_fallback",
        parsing_timeout=None,
        raise_on_error=True,
    )
    if not found:
        return None
    return _complex(_with_real_roots(found[0]) if "\\sqrt[" in text else found[0])


def _with_real_roots(expression: Basic) -> Basic:
    """With the real root for an odd root of a negative number (sympy has the principal one)."""
    from sympy import Basic, Pow

    if not isinstance(expression, Basic):
        return expression

    def is_odd_root(part: Basic) -> bool:
        exponent = part.exp if isinstance(part, Pow) else None
        odd = exponent is not None and exponent.is_Rational and exponent.q % 2 and exponent.q > 1
        return bool(odd and part.base.is_negative)

    return expression.replace(
        is_odd_root, lambda part: (-1) ** part.exp.p * Pow(-part.base, part.exp)
    )


def _complex(expression: Basic) -> Basic:
    """With the imaginary unit for a free i (math-verify has a symbol there)."""
    from sympy import I

    units = [symbol for symbol in expression.free_symbols if str(symbol) == "i"]
    return expression.subs(units[0], I) if units else expression


# ---- numeric confirmation

_DIGITS, _CONSTANT_DIGITS, _MAX_DIGITS = 30, 90, 3000
# Where free symbols are evaluated: signs of the symbols in turn; symbol i at (top + 3i) / bottom.
_POINTS = (
    ("+", 17, 7), ("+", 29, 13), ("+", 5, 11), ("-", 19, 9), ("+-", 23, 8), ("-+", 13, 10),
    ("+", 37, 41),
)  # fmt: skip
_MIN_POINTS = 3


def _is_undefined(expression: Basic) -> bool:
    from sympy import nan, zoo

    return bool(expression.has(nan, zoo))


def _decimal_against(number: Literal | None, other: Basic) -> bool | None:
    """Whether a literal equals a constant, as close as it is written; None if not decidable."""
    import sympy

    if number is None or not isinstance(other, sympy.Expr) or other.free_symbols:
        return None
    done = other.doit()
    if done.is_Rational:
        exact = Fraction(int(done.p), int(done.q))
        return number.value == exact or close(number.value, exact, number.digits)
    digits = _digits(_CONSTANT_DIGITS, done, sympy.Rational(number.value))
    value = sympy.N(done, min(digits, _MAX_DIGITS))
    if not value.is_Float or not value.is_finite:
        return None
    exact = Fraction(str(value))
    wanted = _DIGITS if done.has(sympy.Float) else digits - 10
    gap = abs(number.value - exact)
    return gap <= abs(exact) / 10**wanted or close(number.value, exact, number.digits)


def _digits(least: int, *expressions: Basic) -> int:
    """Digits in which expressions must agree: twice those of the largest number in them more than
    `least`, for a 1 next to 10^100 must count, and so must a 1 under a root."""
    import sympy

    longest = 0
    for expression in expressions:
        for number in expression.atoms(sympy.Rational):
            bits = int(max(int(number.p).bit_length(), int(number.q).bit_length()))
            longest = max(longest, bits * 302 // 1000)
        size = sympy.Integer(0) if expression.free_symbols else abs(sympy.N(expression, 15))
        if size.is_Float and size.is_finite and size > 0:
            longest = max(longest, abs(int(sympy.log(size, 10))))
    return least + 2 * longest


def confirmed(ours: Basic, theirs: Basic) -> bool:
    """Ask again what math-verify called equal: part by part, numerically, relatively."""
    import sympy

    if ours == theirs:
        return True
    if isinstance(ours, sympy.MatrixBase) and isinstance(theirs, sympy.MatrixBase):
        return ours.shape == theirs.shape and all(map(confirmed, ours.flat(), theirs.flat()))
    if isinstance(ours, sympy.Expr) and isinstance(theirs, sympy.Expr):
        return _same_value(ours, theirs, 1) is True
    members = _members(ours), _members(theirs)
    if members[0] is None or members[1] is None:
        return True  # relations and unions: nothing numeric to ask
    return _match(members[0], members[1])


def _same_inequality(ours: Basic, theirs: Basic) -> bool | None:
    """Whether two inequalities in several unknowns are one times a positive number; None for what
    is none. (In one unknown it would take "2x<6" for its solution.)"""
    import sympy

    kinds = (sympy.StrictLessThan, sympy.LessThan, sympy.StrictGreaterThan, sympy.GreaterThan)
    if not isinstance(ours, kinds) or not isinstance(theirs, kinds):
        return None
    symbols = sorted(ours.free_symbols | theirs.free_symbols, key=str)
    if len(symbols) < 2:
        return None
    strict = (sympy.StrictLessThan, sympy.StrictGreaterThan)
    if isinstance(ours, strict) != isinstance(theirs, strict):
        return False
    gaps = [side.lts - side.gts for side in (ours, theirs)]
    values = list(_values(gaps[0], gaps[1], symbols, _DIGITS))
    if len(values) < _MIN_POINTS:
        return None
    first, tolerance = values[0], sympy.Float("1e-20")
    return all(
        a * b > 0 and abs(a * first[1] - b * first[0]) <= tolerance * abs(a * first[1])
        for a, b in values
    )


def _members(expression: Basic) -> list[Basic] | None:
    """Parts of a tuple, finite set or interval; a lone expression is a set of one."""
    import sympy

    if isinstance(expression, sympy.Interval):
        return [expression.start, expression.end]
    if isinstance(expression, (sympy.Tuple, sympy.FiniteSet)):
        return list(expression.args)
    return [expression] if isinstance(expression, sympy.Expr) else None


def _match(ours: list[Basic], theirs: list[Basic]) -> bool:
    """Every member of one has an equal in the other (order was math-verify's question)."""
    return all(any(confirmed(a, b) for b in theirs) for a in ours) and all(
        any(confirmed(a, b) for a in ours) for b in theirs
    )


def _same_value(ours: Basic, theirs: Basic, min_points: int = _MIN_POINTS) -> bool | None:
    """Whether two expressions agree at all points where both are real, None if there are too few
    such points. Rational numbers are compared exactly, other constants, which may be complex, to
    80 digits more than their numbers have; what would take over 3,000 digits is not equal."""
    import sympy

    symbols = sorted(ours.free_symbols | theirs.free_symbols, key=str)
    if not ours.has(*_open_ended()) and not theirs.has(*_open_ended()):
        ours, theirs = ours.doit(), theirs.doit()
    if ours.is_Rational and theirs.is_Rational:
        return bool(ours == theirs)
    inexact = ours.has(sympy.Float) or theirs.has(sympy.Float)
    digits = _DIGITS
    if not inexact:
        digits = _digits(_DIGITS if symbols else _CONSTANT_DIGITS, ours, theirs)
    if digits > _MAX_DIGITS:
        return False
    tolerance = sympy.Float("1e-6") if inexact else sympy.Float(10, digits) ** (10 - digits)
    asked = 0
    for a, b in _values(ours, theirs, symbols, digits):
        asked += 1
        if not abs(a - b) <= tolerance * max(abs(a), abs(b)):
            return False
    return True if asked >= (min_points if symbols else 1) else None


def _open_ended() -> tuple[type[Basic], ...]:
    """What takes long to carry out before its symbols have values."""
    import sympy

    return sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit, sympy.Derivative


def _values(
    ours: Basic, theirs: Basic, symbols: Sequence[Basic], digits: int
) -> Iterator[tuple[Basic, Basic]]:
    """Both expressions as numbers, at the points where both are."""
    import sympy

    any_number = not symbols or ours.has(sympy.I) or theirs.has(sympy.I)
    for signs, top, bottom in _POINTS if symbols else _POINTS[:1]:
        point = {
            s: sympy.Rational((top + 3 * i) * (1 if signs[i % len(signs)] == "+" else -1), bottom)
            for i, s in enumerate(symbols)
        }
        a, b = (sympy.N(x.subs(point).doit(), digits) for x in (ours, theirs))
        if not (a.is_number and b.is_number and a.is_finite and b.is_finite):
            continue
        if any_number or (a.is_real and b.is_real):
            yield a, b
