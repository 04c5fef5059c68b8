r"""Units after an answer: "5 cm", "5\text{ square inches}", "12 apples" are 5, 5 and 12.

A unit is one to four words after a number, none of which changes its size: in \text{...} any but
known names of sizes and operations, bare ones only measures and nouns that are listed here. "3
million" becomes 3\times10^6, and "3 dozen", "2 thirds", "5 or more", "5 doubled", "5 xyz" stay as
they are, so that they equal no number.
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
_OPERATION_WORDS = (
    "double doubles doubled doubling triple triples tripled quadruple quadrupled halved factorials "
    "reciprocal reciprocals inverse inverted radical radicals increased decreased increase "
    "decrease reduced multiplied added subtracted divides sum difference product quotient negated "
    "powers tens ones negative opposite conjugate imaginary fold twofold threefold ths permille"
)
_OPERATIONS = frozenset([*_OPERATION_WORDS.split(), *_SCALES])
_COUNTED_WORDS = (
    "apple apples bag bags ball balls balloon balloons banana bananas bead beads bike bikes bird "
    "birds block blocks book books bottle bottles bowl bowls box boxes boy boys bus buses cake "
    "cakes candies candy car cards card cars cat cats chair chairs chicken chickens child children "
    "choices class classes coin coins color colors combinations cookie cookies cow cows crayons "
    "cubes cup cups customers diagonals digits dog dogs edges egg eggs elements euro euros faces "
    "factors fish flowers friends fruit fruits games gift gifts girl girls guests horses house "
    "houses integers items kids lines loaves marbles members men meals miles nickels nights "
    "numbers orange oranges outcomes outfits page pages passengers paths pears pen pencil pencils "
    "pennies people person persons pieces pizza pizzas plants plates players points "
    "pounds primes problems quarts quart questions rabbits regions rolls rooms roses rows ropes "
    "seats sheep shirts shoes sides slices socks solutions spoons squares stamps stickers student "
    "students subsets tables teachers teams terms tickets toys tree trees triangles turns "
    "units unit vertices ways windows women words workers zeroes zeros "
    "red blue green yellow black white total altogether each per the different distinct possible "
    "all"
)
_COUNTED = frozenset(_COUNTED_WORDS.split())
_PREFIXES = frozenset({"square", "cubic", "sq", "cu", "sq.", "cu."})

_POWER = r"(?:\s*\^\s*\{?\d\}?)?"
_MARKED = re.compile(
    r"(?<=[0-9})!])\s*\\(?:text|mathrm|mbox|textrm|textbf)"
    r"\s*\{\s*([A-Za-z. ]+(?:/\s*[A-Za-z.]+)?)\s*\}" + _POWER + r"\s*$"
)
_BARE = re.compile(
    r"(?<=[0-9})])\s+([A-Za-z]+\.?(?: +[A-Za-z]+){0,3}(?:/[A-Za-z]+)?)" + _POWER + r"\s*$"
)
_GLUED = re.compile(
    r"(?<=[0-9])\{?(cm|mm|km|kg|ml|lbs|mph|inches|feet|miles|weeks?|days?|hours?|minutes?|seconds?"
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
        if words[0] in _SCALES and re.fullmatch(r"-?[0-9.,]+", number):
            number += rf"\times10^{{{_SCALES[words.pop(0)]}}}"
        if "\\text" in number or not _all_units(words, pattern is _MARKED):
            return text, ""
        return number, _canonical(words)
    return text, ""


def _all_units(words: list[str], marked: bool) -> bool:
    """Whether each word leaves the number as it is. Bare words must be known, bare letters may be
    variables."""
    last_counts = not words or words[-1] not in _PREFIXES  # "5 square" may be 25
    return last_counts and all(_is_unit(word.rstrip("."), marked) for word in words)


def _is_unit(word: str, marked: bool) -> bool:
    if word in _NOT_UNITS or word in _OPERATIONS:
        return False
    if marked:
        return len(word) > 2 or word in _BARE_SHORT or word in CANONICAL or word in _PREFIXES
    if len(word) <= 2:
        return word in _BARE_SHORT
    return all(
        part in CANONICAL or part in _COUNTED or part in _PREFIXES for part in word.split("/")
    )


def _canonical(words: list[str]) -> str:
    rest = [word for word in words if word not in _PREFIXES]
    return CANONICAL.get(rest[0].rstrip("."), "") if len(rest) == 1 else ""
