r"""Equality that takes algebra, by math-verify, for answers that `exact.decide` leaves open. Runs
in killable workers.

math-verify reads LaTeX only (its expression fallback picks single numbers out of formulas it cannot
read), without its own timers (they need the main thread and whole seconds), and its "equal" is
confirmed at 30 digits, because it rounds to 6 absolute decimals: it takes 1/2004! for 1/2006!.
Answer text is never given to `eval`, `sympify` or `parse_expr`.

`guard.refusal` has let the pair pass before.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from restem.core.records import CORRECT, ERROR, WRONG
from restem.rewards.exact import is_name, sides, without_name
from restem.rewards.literal import Literal, close, literal
from restem.rewards.normal import normalise, single_blanks
from restem.rewards.units import split_unit

if TYPE_CHECKING:
    from sympy import Basic


def equal(pair: tuple[str, str]) -> tuple[str, str]:
    """Outcome (correct, wrong, error) and reason for (answer, gold). An exception is `error`."""
    try:
        reason = _why_different(*pair)
    except Exception as fault:  # noqa: BLE001  (the plug-in boundary: the fault becomes a row, counted by the stage)
        return ERROR, type(fault).__name__
    return (CORRECT, "algebra") if reason is None else (WRONG, reason)


def warm_up() -> None:
    """Import and exercise math-verify once (about 1.2 s), and silence its loggers."""
    import math_verify  # a missing package ends the worker here, with its traceback

    assert math_verify
    for name in ("math_verify", "latex2sympy2_extended"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    equal((r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}"))


def _why_different(answer: str, gold: str) -> str | None:
    """None for equal. Of an equation that answers with a value, every side must be that value."""
    ours, theirs = sides(_prepared(answer)), sides(_prepared(gold))
    if len(ours) > 1 and len(theirs) > 1:
        if ours[0] == theirs[0] and is_name(ours[0]):
            return _any_differs(ours[1:], theirs[-1])
        return _differs(_prepared(answer), _prepared(gold))
    return _any_differs(without_name(ours), without_name(theirs)[-1])


def _any_differs(answers: list[str], gold: str) -> str | None:
    return next(filter(None, (_differs(answer, gold) for answer in answers)), None)


def _differs(answer: str, gold: str) -> str | None:
    """Why two formulas are not equal, None if they are."""
    from math_verify import verify

    theirs = _parsed(gold)
    ours = _parsed(answer)
    if ours is None or theirs is None:
        return "unparsable" if ours is None else "gold unparsable"
    if _is_undefined(ours) or _is_undefined(theirs):
        return "undefined"
    for text, other in ((answer, theirs), (gold, ours)):
        same = _decimal_against(literal(normalise(text).text), other)
        if same is not None:
            return None if same else "algebra"
    same = verify([theirs], [ours], timeout_seconds=None, raise_on_error=True)
    return None if same and confirmed(ours, theirs) else "algebra"


def _prepared(text: str) -> str:
    """What math-verify can read: without currency, percent sign or unit, in LaTeX."""
    text = single_blanks(text).replace("\\$", "").replace("$", "")
    text = re.sub(r"(?<![\\a-zA-Z])sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}", text).replace("**", "^")
    text = re.sub(r"\\(?:mathrm|text)\s*(?:\{e\}|e(?![a-z]))", "e", text)
    for char, command in _READABLE.items():
        text = text.replace(char, command)
    return split_unit(re.sub(r"(?<=\d)\s*\\?%", "", text))[0]


_READABLE = {
    "−": "-", "–": "-", "×": r"\times ", "·": r"\cdot ", "÷": "/", "π": r"\pi ", "°": r"^\circ ",
    "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "∪": r"\cup ", "∩": r"\cap ",
    "√": r"\sqrt ", "²": "^2", "³": "^3", "½": r"\frac{1}{2}", "\u00a0": " ", "\u202f": " ",
}  # fmt: skip


@lru_cache(4096)
def _parsed(text: str) -> Basic | None:
    """One formula as a sympy object, None if math-verify cannot read it."""
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
        "\\boxed{" + text + "}",
        extraction_config=[
            LatexExtractionConfig(boxed_match_priority=0, normalization_config=spelling)
        ],
        extraction_mode="first_match",
        fallback_mode="no_fallback",
        parsing_timeout=None,
        raise_on_error=True,
    )
    return found[0] if found else None


# ---- numeric confirmation

_DIGITS = 30
_POINTS = ((17, 7), (29, 13), (5, 11))  # where free symbols are evaluated: symbol i at (a + i) / b


def _is_undefined(expression: Basic) -> bool:
    from sympy import nan, zoo

    return bool(expression.has(nan, zoo))


def _decimal_against(number: Literal | None, other: Basic) -> bool | None:
    """Whether a literal equals a constant, as close as it is written; None if not decidable."""
    import sympy

    if number is None or not isinstance(other, sympy.Expr) or other.free_symbols:
        return None
    value = sympy.N(other.doit(), 2 * _DIGITS)
    if not (value.is_Float or value.is_Integer) or not value.is_finite:
        return None
    exact = Fraction(str(value))
    gap = abs(number.value - exact)
    return gap <= abs(exact) / 10**_DIGITS or close(number.value, exact, number.digits)


def confirmed(ours: Basic, theirs: Basic) -> bool:
    """Ask again what math-verify called equal: part by part, numerically, relatively."""
    import sympy

    if ours == theirs:
        return True
    if isinstance(ours, sympy.MatrixBase) and isinstance(theirs, sympy.MatrixBase):
        return ours.shape == theirs.shape and all(map(confirmed, ours.flat(), theirs.flat()))
    if isinstance(ours, sympy.Expr) and isinstance(theirs, sympy.Expr):
        return _same_value(ours, theirs)
    members = _members(ours), _members(theirs)
    if members[0] is None or members[1] is None:
        return True  # relations and unions: nothing numeric to ask
    return _match(members[0], members[1])


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


def _same_value(ours: Basic, theirs: Basic) -> bool:
    """Equal to 20 digits (6 if a decimal is involved), with free symbols at up to 3 points."""
    import sympy

    inexact = ours.has(sympy.Float) or theirs.has(sympy.Float)
    tolerance = sympy.Float("1e-6" if inexact else "1e-20", _DIGITS)
    asked = 0
    for a, b in _values(ours, theirs):
        asked += 1
        if not abs(a - b) <= tolerance * max(abs(a), abs(b)):
            return False
    return asked > 0


def _values(ours: Basic, theirs: Basic) -> Iterator[tuple[Basic, Basic]]:
    """Both expressions as numbers, at the points where both are."""
    import sympy

    symbols = sorted(ours.free_symbols | theirs.free_symbols, key=str)
    for top, bottom in _POINTS if symbols else _POINTS[:1]:
        point = {s: sympy.Rational(top + 3 * i, bottom) for i, s in enumerate(symbols)}
        a, b = (sympy.N(x.subs(point).doit(), _DIGITS) for x in (ours, theirs))
        if a.is_number and b.is_number and a.is_finite and b.is_finite:
            yield a, b
