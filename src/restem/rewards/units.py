r"""Units after an answer: "5 cm", "5\text{ square inches}", "12 apples" are 5, 5 and 12.

A unit is one to four words after a number, none of which changes its size: "3 million" becomes
3\times10^6, and "3 dozen", "2 thirds", "5 or more", "4 factorial" stay as they are, so that they
equal no number.
"""

from __future__ import annotations

import re

_MEASURES = (
    "inch inches in|foot feet ft|yard yards yd|mile miles mi|mm millimeter millimeters|"
    "cm centimeter centimeters centimetre centimetres|dm|m meter meters metre metres|"
    "km kilometer kilometers|g gram grams|kg kilogram kilograms|pound pounds lb lbs|"
    "ounce ounces oz|ton tons|liter liters l litre litres|ml milliliter milliliters|"
    "gallon gallons|s second seconds sec|minute minutes min mins|hour hours h hr hrs|day days|"
    "week weeks|month months|year years|dollar dollars|cent cents|degree degrees|"
    "radian radians|mph"
)
CANONICAL = {word: group.split()[0] for group in _MEASURES.split("|") for word in group.split()}
_BARE_SHORT = frozenset(
    {"cm", "mm", "km", "dm", "kg", "ml", "ft", "yd", "mi", "oz", "lb", "hr", "of"}
)
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_NOT_UNIT_WORDS = (
    "half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths seventh "
    "sevenths eighth eighths ninth ninths tenth tenths hundredth hundredths thousandth "
    "thousandths dozen dozens score gross pair pairs couple percent percentage factorial "
    "squared cubed plus minus times over less more than greater fewer mod modulo divided and or "
    "if is below above negative choose power base root point remainder not except through until "
    "between sin cos tan cot sec csc log exp sqrt arcsin arccos arctan sinh cosh tanh gcd lcm "
    "for where when with point twice thrice hundreds thousands millions billions trillions no "
    "infinity th st nd rd oo pi mil bil zero one two three four five six seven eight nine ten"
)
_NOT_UNITS = frozenset(_NOT_UNIT_WORDS.split())
_PREFIXES = frozenset({"square", "cubic", "sq", "cu", "sq.", "cu."})

_POWER = r"(?:\s*\^\s*\{?\d\}?)?"
_MARKED = re.compile(
    r"(?<=[\d})!])\s*\\(?:text|mathrm|mbox|textrm|textbf)"
    r"\s*\{\s*([A-Za-z. ]+(?:/\s*[A-Za-z.]+)?)\s*\}" + _POWER + r"\s*$"
)
_BARE = re.compile(
    r"(?<=[\d})])\s+([A-Za-z]+\.?(?: +[A-Za-z]+){0,3}(?:/[A-Za-z]+)?)" + _POWER + r"\s*$"
)
_GLUED = re.compile(
    r"(?<=\d)\{?(cm|mm|km|kg|ml|lbs|mph|inches|feet|miles|weeks?|days?|hours?|minutes?|seconds?"
    r"|units?|dollars?|cents?)\}?$"
)


def split_unit(text: str) -> tuple[str, str]:
    """(text without its unit, canonical unit or ""). A scale word becomes a power of ten."""
    for pattern in (_MARKED, _BARE, _GLUED):
        match = pattern.search(text)
        if match is None:
            continue
        words = match.group(1).lower().split() or [""]
        number = text[: match.start()].rstrip()
        if words[0] in _SCALES and re.fullmatch(r"-?[\d.,]+", number):
            number += rf"\times10^{{{_SCALES[words.pop(0)]}}}"
        if "\\text" in number or not _all_units(words, pattern is _MARKED):
            return text, ""
        return number, _canonical(words)
    return text, ""


def _all_units(words: list[str], marked: bool) -> bool:
    """Whether each word leaves the number as it is. Short words may be variables."""
    return all(
        word not in _NOT_UNITS
        and (len(word) > 2 or word in _BARE_SHORT or (marked and word.rstrip(".") in CANONICAL))
        for word in words
    )


def _canonical(words: list[str]) -> str:
    rest = [word for word in words if word not in _PREFIXES]
    return CANONICAL.get(rest[0].rstrip("."), "") if len(rest) == 1 else ""
