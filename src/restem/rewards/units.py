r"""Units after an answer: "5 cm", "5\text{ square inches}", "12 apples" are 5, 5 and 12; so are
"5{cm}", "5 sq. ft.", "5\frac{\text{km}}{\text{h}}", "5 °C".

A unit is one to four words after a number, none of which names a size or an operation. Words that
stand bare (not in \text{...}) may be variables: the last one must be a measure or a plural. "3
million" becomes 3\times10^6, and "3 dozen", "2 thirds", "5 or more", "5 doubled", "5 xyz" stay as
they are, so that they equal no number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_MEASURES = (
    "inch inches in|foot feet ft|yard yards yd|mile miles mi|mm millimeter millimeters|"
    "cm centimeter centimeters centimetre centimetres|dm|m meter meters metre metres|"
    "km kilometer kilometers|g gram grams|kg kilogram kilograms|pound pounds lb lbs|"
    "ounce ounces oz|ton tons|liter liters l litre litres|ml milliliter milliliters|"
    "gallon gallons|s second seconds sec|minute minutes min mins|hour hours h hr hrs|day days|"
    "week weeks|month months|year years|dollar dollars|cent cents|degree degrees|"
    "radian radians rad|celsius|fahrenheit|kelvin kelvins|bit bits|byte bytes|joule joules|"
    "watt watts|mile/hour mph|km/hour kph kmh kmph|"
    "newton newtons|volt volts|hertz|micrometer micrometers|nanometer nanometers|mg milligram "
    "milligrams|kilojoule kilojoules|kilowatt kilowatts|kilobyte kilobytes|megabyte megabytes|"
    "gigabyte gigabytes gb|kwh|pascal pascals|kb|ampere amperes|ohm ohms|"
    "euro euros|yen|yuan|rupee rupees|rouble roubles ruble rubles|peso pesos|franc francs|won|"
    "calorie calories|acre acres|hectare hectares|pint pints|quart quarts|knot knots|cup cups|"
    "tablespoon tablespoons tbsp|"
    "teaspoon teaspoons tsp|mb|mol mole moles"
)
CANONICAL = {word: group.split()[0] for group in _MEASURES.split("|") for word in group.split()}
_BARE_SHORT = frozenset(
    {
        "cm",
        "mm",
        "km",
        "dm",
        "kg",
        "mg",
        "ml",
        "mb",
        "gb",
        "kb",
        "kwh",
        "us",
        "ft",
        "yd",
        "mi",
        "oz",
        "lb",
        "hr",
        "of",
        "in",
    }
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
    "infinity th st nd rd oo pi mil bil am pm a.m p.m zero one two three four five six seven "
    "eight nine ten"
)
_NOT_UNITS = frozenset(_NOT_UNIT_WORDS.split())
_OPERATION_WORDS = (
    "double doubles doubled doubling triple triples tripled quadruple quadrupled halved factorials "
    "reciprocal reciprocals inverse inverted radical radicals increased decreased increase "
    "decrease reduced multiplied added subtracted divides sum difference product quotient negated "
    "powers tens ones twos threes fours fives sixes sevens eights nines cubes negatives negative "
    "opposite conjugate imaginary fold twofold threefold ths permille"
)
_OPERATIONS = frozenset([*_OPERATION_WORDS.split(), *_SCALES])
_NOUN_WORDS = (
    "people children men women fish sheep fruit chicken candy altogether total each apiece left "
    "remaining"
)
_NOUNS = frozenset(_NOUN_WORDS.split())  # that count without a plural s, or close a count
_MULTIPLE_WORDS = (
    "half halves third thirds quarter quarters fourth fourths fifth fifths dozen dozens score "
    "gross factorial squared cubed"
)
_MULTIPLES = frozenset(_MULTIPLE_WORDS.split())
_LINKS = frozenset(
    ("a", "an", "in", "at", "of", "on", "to", "by", "for", "with")
)  # in "5 apples for Ann"
_FRACTION = re.compile(r"\w*(?:ieth|eenth|elfth|venth|andth|redth|ionth)s?", re.ASCII)
_PREFIXES = frozenset({"square", "cubic", "sq", "cu", "sq.", "cu."})

_POWER = r"(?:\s*\^\s*\{?(-?\d)\}?)?"
_AFTER = r"(?:(?<=[0-9})!])|(?<=\\pi))"
_WORD = r"[A-Za-z]+\.?"
_MARKED = re.compile(
    _AFTER
    + r"\s*\\text\s*\{\s*([A-Za-z. ]+(?:/\s*[A-Za-z.]+)?)"
    + _POWER
    + r"\s*\}"
    + _POWER
    + r"\s*$"
)
_RATIO = re.compile(
    _AFTER + r"\s*(?:\\,)?\s*\\frac\s*\{\s*(?:\\text\s*\{([A-Za-z. ]+)\}|([a-z]{1,6}))\s*\}"
    r"\s*\{\s*(?:\\text\s*\{([A-Za-z. ]+)\}|([a-z]{1,6}))" + _POWER + r"\s*\}\s*$"
)
_MARKED_RATIO = re.compile(
    _AFTER
    + r"\s*\\text\s*\{\s*([A-Za-z.]+)\s*\}\s*/\s*\\text\s*\{\s*([A-Za-z.]+)\s*\}"
    + _POWER
    + r"\s*$"
)
_BARE = re.compile(_AFTER + rf"\s+({_WORD}(?: +{_WORD}){{0,3}}(?:/[A-Za-z]+)?)" + _POWER + r"\s*$")
_GLUED = re.compile(
    r"(?<=[0-9])\{?(cm|mm|km|kg|ml|lbs|ft|mph|km/h|inches|feet|miles|weeks?|days?|hours?|minutes?"
    r"|seconds?|units?|dollars?|cents?)\}?" + _POWER + r"$"
)
_BRACED = re.compile(r"(?<=[0-9])\s*\{\s*([A-Za-z][A-Za-z .]*(?:/[A-Za-z]+)?)\s*\}" + _POWER + r"$")
_RAISED = re.compile(r"(?<=\d)\s?(mm|cm|dm|m|km|in|ft|yd|mi)([23])$")  # 5 cm2
_EACH = re.compile(r"(?<=[0-9])\s*/\s*(?:\\text\s*\{\s*)?([A-Za-z]{3,})\s*\}?\s*$")  # $5/hour
_CAPITALS = {
    "K": "kelvin", "N": "newton", "J": "joule", "W": "watt", "A": "ampere", "V": "volt",
    "Hz": "hertz", "Pa": "pascal",
}  # fmt: skip
_TEMPERATURE = re.compile(
    r"(?:(?:\\text\{\s*)?\^\s*\{?\s*\\circ(?![a-zA-Z])\s*\}?|\\degree(?![a-zA-Z])|(?<=[\d\s])degrees?)\s*(?:\\text\{\s*)?([CFK])\s*\}?\s*\}?\s*[.$]*$"
)
_TEMPERATURES = {"C": "celsius", "F": "fahrenheit", "K": "kelvin"}


def split_unit(text: str) -> tuple[str, str]:
    """(text without its unit, canonical unit or ""). A scale word becomes a power of ten."""
    text = _RAISED.sub(r" \1^\2", text)
    if text.endswith("}") or "\\text" in text:
        text = _RATIO.sub(_as_ratio, text)
        text = _MARKED_RATIO.sub(lambda m: rf"\text{{{m[1]}/{m[2]}}}" + _raised(m[3]), text)
    for pattern in (_MARKED, _BARE, _GLUED, _BRACED, _EACH):
        match = pattern.search(text)
        if match is None:
            continue
        written = match.group(1).strip()
        if pattern is _MARKED and " " in match[0]:  # 300\,\text{K}
            written = _CAPITALS.get(written, written)
        words = _PER.sub(r"\1/\2", written.lower()).split() or [""]
        number = text[: match.start()].rstrip()
        if words[0] in _SCALES and re.fullmatch(r"-?[0-9.,]+", number):
            number += rf"\times10^{{{_SCALES[words.pop(0)]}}}"
        if pattern is _EACH:
            return (number, "") if words[0] in CANONICAL else (text, "")
        powers = [int(power) for power in match.groups()[1:] if power]
        if pattern is _BRACED and re.fullmatch(r"[-\d.,/ ]+", number) is None:  # \frac1{m}
            return text, ""
        if "\\text" in number.rpartition("=")[2] or not _all_units(words, pattern, number, powers):
            return text, ""
        return number, _canonical(words, powers[0] if powers else 1)
    return text, ""


def split_temperature(text: str) -> tuple[str, str]:
    r"""(text without a closing ^\circ C, its unit or "")."""
    match = _TEMPERATURE.search(text) if "\\" in text or "degree" in text else None
    if match is None:
        return text, ""
    return text[: match.start()].rstrip(), _TEMPERATURES[match[1]]


_PER = re.compile(r"^([a-z]{1,3})per([a-z]+)$")  # mbperhour


def _as_ratio(match: re.Match[str]) -> str:
    return rf"\text{{{match[1] or match[2]}/{match[3] or match[4]}}}" + _raised(match[5])


def _raised(power: str | None) -> str:
    return f"^{power}" if power else ""


def keeps_number(words: str) -> bool:
    """Whether the words after a number in a sentence leave it as it is: "apples in total", "cents
    a day", but not "dozen", "squared", "or more", "is wrong"."""
    found = [word.rstrip(".") for word in words.lower().split()]
    return all(
        word.isalpha()
        and word not in _SCALES
        and (word in _LINKS or _is_harmless(word, marked=True) or len(word) == 1)
        for word in found
    )


def multiplies(word: str) -> bool:
    """Whether the word behind a number makes it another: dozen, million, halves, squared."""
    word = word.strip(" -").lower()
    return (
        word in _SCALES
        or word in _OPERATIONS
        or word in _MULTIPLES
        or _FRACTION.fullmatch(word) is not None
    )


def _all_units(
    words: list[str], pattern: re.Pattern[str], number: str, powers: Sequence[int]
) -> bool:
    """Whether each word leaves the number as it is. Bare words end in a measure or a plural, for
    bare letters may be variables; a power stands on a measure."""
    marked = pattern is _MARKED or pattern is _BRACED
    ratio = any("/" in word for word in words)
    words = [part.rstrip(".") for word in words for part in word.split("/")]
    if not words:
        return True
    if powers and (len(powers) > 1 or words[-1] not in (*CANONICAL, "unit", "units")):
        return False
    if len(words) == 2 and ratio and CANONICAL.keys() >= set(words):
        return True
    if words == ["m"] and powers and re.fullmatch(r"-?[\d.,]+", number):
        return powers[0] > 1  # 5 m^2
    if words[-1] in _PREFIXES or not all(_is_harmless(word, marked) for word in words):
        return False  # "5 square" may be 25
    return marked or _is_noun(words[-1], number)


def _is_harmless(word: str, marked: bool) -> bool:
    if word in _PREFIXES:
        return True
    if word in CANONICAL or word in _BARE_SHORT:
        return marked or len(word) > 2 or word in _BARE_SHORT
    if word in _NOT_UNITS or word in _OPERATIONS or _FRACTION.fullmatch(word):
        return False
    return len(word) > 2


def _is_noun(word: str, number: str) -> bool:
    """A measure, a plural, or a singular after 1."""
    plural = word.endswith("s") and not word.endswith("ss")
    if len(word) > 3 and (plural or number == "1"):
        return True
    return word in CANONICAL or word in _BARE_SHORT or word in _NOUNS


def _canonical(words: list[str], power: int) -> str:
    """cm, cm^2, mile/hour; "" for what is no measure, "apples"."""
    spelled = " ".join(words).replace("/", " per ").split()
    sides = " ".join(spelled).split(" per ") if "per" in spelled else [" ".join(spelled)]
    powers = [1] * (len(sides) - 1) + [power]
    named = [_one_measure(side.split(), p) for side, p in zip(sides, powers, strict=True)]
    return "/".join(named) if all(named) else ""


def _one_measure(words: list[str], power: int) -> str:
    for word in words:
        power = {"s": 2, "c": 3}[word[0]] if word in _PREFIXES else power
    rest = [word.rstrip(".") for word in words if word not in _PREFIXES and word != "us"]
    if len(rest) == 2 and rest[0] in ("degree", "degrees"):
        rest = rest[1:]
    name = CANONICAL.get(rest[0], "") if len(rest) == 1 else ""
    return f"{name}^{power}" if name and power != 1 else name
