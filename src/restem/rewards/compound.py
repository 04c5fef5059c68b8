r"""Measures in two or three units: "2 hours and 30 minutes", "5 ft 8 in", "3 lb 4 oz".

They come to one number of the smallest unit of their kind, so that each equals itself in other
units ("150 minutes"), and no bare number: "150" leaves open of what.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

from restem.rewards.literal import literal

_SIZES: dict[str, tuple[str, int]] = {
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), ("time", 1)),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), ("time", 60)),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), ("time", 3600)),
    **dict.fromkeys(("day", "days"), ("time", 86400)),
    **dict.fromkeys(("week", "weeks"), ("time", 604800)),
    **dict.fromkeys(("inch", "inches", "in"), ("long", 1)),
    **dict.fromkeys(("foot", "feet", "ft"), ("long", 12)),
    **dict.fromkeys(("yard", "yards", "yd"), ("long", 36)),
    **dict.fromkeys(("mm", "millimeters"), ("metric", 1)),
    **dict.fromkeys(("cm", "centimeter", "centimeters"), ("metric", 10)),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), ("metric", 1000)),
    **dict.fromkeys(("km", "kilometer", "kilometers"), ("metric", 10**6)),
    **dict.fromkeys(("ounce", "ounces", "oz"), ("weight", 1)),
    **dict.fromkeys(("pound", "pounds", "lb", "lbs"), ("weight", 16)),
    **dict.fromkeys(("cent", "cents"), ("money", 1)),
    **dict.fromkeys(("dollar", "dollars"), ("money", 100)),
    **dict.fromkeys(("month", "months"), ("month", 1)),
    **dict.fromkeys(("year", "years"), ("month", 12)),
}
_JOINT = re.compile(r"\\text\{|\}|\\[,;: ]|,|\\?&")
_PART = r"(\d+(?:\.\d+)?) ?([a-z]+)\.?"
_COMPOUND = re.compile(rf"{_PART}(?: and)? ?{_PART}(?:(?: and)? ?{_PART})?", re.ASCII)
MARK = "\\compound{"


def compound(text: str) -> str | None:
    r"""\compound{time 9000} for "2 hours 30 minutes", None for what is no such measure."""
    if not text[:1].isdigit() or not (text[-1].isalpha() or text[-1] in "}."):
        return None
    plain = " ".join(_JOINT.sub(" ", text.lower()).split())
    match = _COMPOUND.fullmatch(plain)
    if match is None:
        return None
    pairs = list(zip(match.groups()[::2], match.groups()[1::2], strict=True))
    pairs = [pair for pair in pairs if pair[0]]
    sizes = [_SIZES.get(unit) for _, unit in pairs]
    known = [size for size in sizes if size is not None]
    falling = all(a[1] > b[1] for a, b in pairwise(known))
    if len(known) < len(pairs) or len({kind for kind, _ in known}) > 1 or not falling:
        return None
    total = sum(Fraction(n) * size for (n, _), (_, size) in zip(pairs, known, strict=True))
    return f"{MARK}{known[0][0]} {total}}}"


def same_compound(compounded: str, text: str, unit: str) -> bool:
    """Whether a compound measure equals another one or a number with one of its units."""
    if text.startswith(MARK):
        return compounded == text
    kind, size = _SIZES.get(unit, ("", 0))
    number = literal(text)
    return number is not None and compounded == f"{MARK}{kind} {number.value * size}}}"
