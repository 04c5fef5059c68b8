r"""The guard in front of algebra: what could hang, fill the memory, run as code, or lose words that
matter, is wrong without being read, and the reason says so.

String code, under a millisecond. It cannot know everything that hangs; the limits of the workers
are there for the rest.
"""

from __future__ import annotations

import re

from restem.rewards.extract import CODE
from restem.rewards.normal import normalise, single_blanks, split_top
from restem.rewards.scalars import DIGITS_APART

_MAX_LENGTH, _MAX_DIGITS, _MAX_NESTING, _MAX_CELLS = 600, 120, 24, 64
_BINOMIAL = re.compile(r"(?:binom|\\Gamma).{0,16}?\d{5,}")
_EXPONENT = re.compile(
    r"\^\s*\{?\s*[-+]?\(?\s*\d[\d,]{5,}|\\(?:sum|prod)(?:_\{[^{}]*\}|_\w)?\s*\^\s*\{?\s*\d{5,}"
)
_FACTORIAL = re.compile(r"\d{5,}\s*!|!\s*[)}]*\s*!|\)!\s*!|\^\s*\{?\d+\}?\s*\)\s*!")
_LETTER = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]")
_DIGIT_TOWER = re.compile(r"\d\s*\^")
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{\w+\}")
_LONG_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{4,}")
_MARK = re.compile(
    r"\\(?:approx|simeq|sim|not|neg|phantom|[bx]?cancel|ldots|to|mapsto|rightarrow)(?![a-zA-Z])"
    r"|(?<=\d)_(?:\{[^{}]*\}|\w)|'"
)
_FUNCTIONS = ("sqrt", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "infty", "infinity")


def refusal(answer: str, gold: str) -> str | None:
    """Why an answer is not read at all ("tower", "words", ...), None if it may be."""
    answer, gold = single_blanks(answer), single_blanks(gold)
    spelled = normalise(answer).text
    if len(answer) > _MAX_LENGTH or len(gold) > _MAX_LENGTH:
        return "length"
    for reason, refused in (
        ("code", CODE.search(answer) is not None),
        ("digits", any(len(run) > _MAX_DIGITS for run in re.findall(r"\d+", answer))),
        ("tower", any(map(_has_tower, (answer, spelled, gold)))),
        ("binomial", _BINOMIAL.search(answer) is not None),
        ("exponent", _EXPONENT.search(answer) is not None or _EXPONENT.search(spelled) is not None),
        ("factorial", _FACTORIAL.search(answer) is not None),
        ("nesting", _nesting(answer) > _MAX_NESTING),
        ("matrix", answer.count("&") > _MAX_CELLS),
        ("braces", split_top(_braces(answer), "") is None),
        ("digits apart", DIGITS_APART.search(spelled) is not None),
        ("words", _words(answer) != _words(gold)),
        ("marks", _marks(answer) != _marks(gold)),
    ):
        if refused:
            return reason
    return None


def _braces(text: str) -> str:
    return "".join(re.findall(r"(?<!\\)[{}]", text))


def _words(text: str) -> list[str]:
    """Words that must be on both sides: "5 or more" is not 5. In any order, units left out."""
    spelled = _ENVIRONMENT.sub(" ", normalise(text).text)
    marked = " ".join(_TEXT.findall(spelled))
    bare = (w for w in _LONG_WORD.findall(_TEXT.sub(" ", spelled)) if w.lower() not in _FUNCTIONS)
    letters = ("".join(sorted(word.lower())) for word in bare)  # abcd is a product, too
    return sorted([*re.findall(r"[a-z]+", marked.lower()), *letters])


def _marks(text: str) -> list[str]:
    r"""What math-verify drops: \approx 5 and 5\ldots must not become 5, nor 5_7 become 5_8."""
    return sorted(_MARK.findall(normalise(text).text))


def _has_tower(text: str) -> bool:
    """A numeric exponent that is itself a power or a factorial; 2^6 3^5 is none."""
    for match in re.finditer(r"\^\s*", text):
        rest = text[match.end() :]
        if rest.startswith("{"):
            exponent = _group(rest)
            if re.search(r"[\^!]", exponent) and not _LETTER.search(exponent):
                return True
        elif _DIGIT_TOWER.match(rest):
            return True
    return False


def _group(text: str) -> str:
    """The first balanced {...} of a text that starts with one."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return text[: at + 1]
    return text


def _nesting(text: str) -> int:
    depth = deepest = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    return deepest
