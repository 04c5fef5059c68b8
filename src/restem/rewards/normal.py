r"""One spelling for each answer: LaTeX and plain variants of the same thing become the same text.

    \dfrac12, \tfrac{1}{2}  ->  \frac{1}{2}         1 1/2       ->  1\frac{1}{2}
    1{,}234  1,234  1\,234  ->  1234                3 million   ->  3\times10^6
    5\text{ cm}, 5 cm, $5   ->  5, unit "cm"        10 percent  ->  10%
    3 and 4                ->  3,4                 30^\circ    ->  30
    \text{Evelyn}          ->  Evelyn              (A)         ->  A

Blanks go, except between digits ("1 2" is not 12). Nothing here decides; `exact.py` does. What is
not understood stays. NOTE: a comma inside brackets separates numbers, "(1,200)" is a pair, unless
the digits after it start with 0; outside of brackets "1,234" is one number and "1, 234" two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from restem.rewards.units import split_unit


@dataclass(frozen=True, slots=True)
class Normal:
    """An answer in one spelling."""

    text: str
    unit: str
    """Canonical trailing unit ("cm", "hour"), "" if there is none or it is not a measure
    ("apples")."""


_UNICODE = str.maketrans({
    "−": "-", "–": "-", "×": r"\times ", "·": r"\cdot ", "÷": r"\div ", "π": r"\pi ",
    "°": r"^\circ ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "∪": r"\cup ",
    "∩": r"\cap ", "∈": r"\in ", "±": r"\pm ", "²": "^2", "³": "^3", "½": r"\frac{1}{2}",
    "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "’": "'", "θ": r"\theta ", "\u00a0": " ",
    "\u202f": " ", "\u2009": " ", "€": "", "£": "",
})  # fmt: skip
_BLANKS = re.compile(r"[\s~]+")
_ROOT = re.compile(r"√\s*(?:\(([^()]*)\)|(\w+))")

_COMMAND = re.compile(
    r"(?P<keep>\\\\)|(?P<drop>\\(?:left|right|[bB]igg?[lr]?|displaystyle|textstyle|limits)(?![a-zA-Z])|\\!)"
    r"|(?P<blank>\\[,;: ]|~|\\q?quad(?![a-zA-Z]))|(?P<frac>\\[dtc]frac(?![a-zA-Z]))"
    r"|(?P<text>\\(?:textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|mbox|operatorname)\s*\{)"
)
_COMMANDS = {"drop": "", "blank": " ", "frac": r"\frac", "text": r"\text{"}

# Applied in this order to a text in which commands have one spelling.
_REWRITES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.ASCII), replacement)
    for pattern, replacement in (
        (r"\{,\}", ","),
        (r"\.{3,}|…|\\[lc]?dots(?![a-zA-Z])", r"\\ldots "),
        (r"\\%", "%"),
        (r"\^\s*\{?\s*\\circ(?![a-zA-Z])\s*\}?|\\degree(?![a-zA-Z])", ""),
        (r"(?:\\leq?(?:slant)?(?![a-zA-Z])|<=)\s*", r"\\le "),
        (r"(?:\\geq?(?:slant)?(?![a-zA-Z])|>=)\s*", r"\\ge "),
        (r"(?:\\neq?(?![a-zA-Z])|!=)\s*", r"\\ne "),
        (r"\\lbrace(?![a-zA-Z])", r"\\{"),
        (r"\\rbrace(?![a-zA-Z])", r"\\}"),
        (r"\\[lr]vert(?![a-zA-Z])", "|"),
        (r"\\(begin|end)\{[bvBV]?matrix\}", r"\\\1{pmatrix}"),
        (r"\\infinity(?![a-zA-Z])", r"\\infty "),
        (r"(?<=\d)\s*(?:\\text\{\s*)?(?:percent|percentage|pct)\.?\s*\}?\s*$", "%"),
    )
)  # fmt: skip
_LATE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.ASCII), replacement)
    for pattern, replacement in (
        (r"^\s*\\text\{\s*([^{}\\]*?)\s*\}\s*$", r"\1"),
        (r"^\s*\(\s*([A-Z])\s*\)\s*$", r"\1"),
        (r"^\s*\\text\{\s*\([A-E]\)\s*\}\s*(?=\S)", ""),
        (r"\s*,?\s*\\text\{\s*,?\s*(?:and|or)\s*\}\s*", ", "),
        (r"(?<=[\d})])\s*,?\s*\b(?:and|or)\b\s*", ", "),
        (r"\\frac\s*([0-9a-zA-Z])\s*([0-9a-zA-Z])(?![a-zA-Z])", r"\\frac{\1}{\2}"),
        (r"\\frac\s*\{([^{}]*)\}\s*([0-9a-zA-Z])", r"\\frac{\1}{\2}"),
        (r"\\frac\s*([0-9a-zA-Z])\s*\{", r"\\frac{\1}{"),
        (r"\\sqrt\s*([0-9a-zA-Z])", r"\\sqrt{\1}"),
        (r"(?<![\d./}^\s])(\s*\d+)\s+(\d+)\s*/\s*(\d+)(?![\d./])", r"\1\\frac{\2}{\3}"),
        (r"(?<=\d)\s+(?=\d)", "\x00"),
        (r"\s+", ""),
        ("\x00", " "),
        (r"\^\{([0-9a-zA-Z])\}", r"^\1"),
        (r"_\{([0-9a-zA-Z])\}", r"_\1"),
    )
)  # fmt: skip
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d|,\d)", re.ASCII)
_SPACED = re.compile(r"(?<![\d.,/] )(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d/]| \d)", re.ASCII)


@lru_cache(1 << 16)
def normalise(answer: str) -> Normal:
    """An answer in one spelling, and its unit; for answers of up to a few thousand characters."""
    text = _ROOT.sub(r"\\sqrt{\1\2}", single_blanks(answer.translate(_UNICODE)))
    text = single_blanks(_COMMAND.sub(lambda m: _COMMANDS.get(str(m.lastgroup), m[0]), text))
    money = re.match(r"\s*-?\s*\\?\$\s*[0-9]", text) is not None
    text = text.replace("\\$", "").replace("$", "")
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    text, unit = split_unit(single_blanks(text).strip().rstrip(".,;:"))
    text = _ungroup(_SPACED.sub(lambda m: m[0].replace(" ", ""), text))
    for pattern, replacement in _LATE:
        text = pattern.sub(replacement, text)
    return Normal(_unwrapped(text.rstrip(".,;:\\")), unit or ("dollar" if money else ""))


def single_blanks(text: str) -> str:
    """Each run of white space and ~ as one blank: the patterns here are cubic in such a run."""
    return _BLANKS.sub(" ", text)


def _ungroup(text: str) -> str:
    """Thousands separators go; commas that part the members of a tuple stay."""
    if "," not in text:
        return text
    depth = 0
    out: list[str] = []
    last = 0
    for match in _GROUPED.finditer(text):
        between = text[last : match.start()]
        depth += sum(between.count(c) for c in "([") - sum(between.count(c) for c in ")]")
        depth += between.count("\\{") - between.count("\\}")
        number = match.group()
        grouped = depth <= 0 or ",0" in number
        out += [between, number.replace(",", "") if grouped else number]
        last = match.end()
    return "".join(out) + text[last:]


def _unwrapped(text: str) -> str:
    """(5) is 5: outer brackets around one thing go."""
    while text.startswith("(") and text.endswith(")"):
        inner = text[1:-1]
        parts = split_top(inner)
        if parts is None or len(parts) != 1 or not inner:
            return text
        text = inner
    return text


def split_top(text: str, separators: str = ",;") -> list[str] | None:
    r"""Parts between separators outside of ( [ { \{; None if the brackets do not match up."""
    parts: list[str] = []
    depth = start = at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            if text[at + 1] not in "{}":
                at += 2
                continue
            at += 1
            char = text[at]
        depth += (char in "([{") - (char in ")]}")
        if depth < 0:
            return None
        if char in separators and depth == 0:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]] if depth == 0 else None
