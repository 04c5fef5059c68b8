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
from fractions import Fraction
from functools import lru_cache

from restem.rewards.compound import compound
from restem.rewards.money import split_money
from restem.rewards.numerals import is_rounded, roughly
from restem.rewards.phrases import is_harmless, split_condition, without_lead
from restem.rewards.unicode import to_latex
from restem.rewards.units import split_temperature, split_unit
from restem.rewards.wrappers import plain_latex


@dataclass(frozen=True, slots=True)
class Normal:
    """An answer in one spelling."""

    text: str
    unit: str
    """Canonical trailing unit ("cm", "hour"), "" if there is none or it is not a measure
    ("apples")."""
    domain: str = ""
    r"""Z of a side condition "k \in \mathbb{Z}", else ""."""


_BLANKS = re.compile(r"[\s~]+")
_LINES = re.compile(r"(?<=\d)[^\S\n]*\n\s*(?=\d)", re.ASCII)  # numbers below each other are a list

# Formulas as programs write them: sqrt(2), exp(16), 2*pi, x**2, 2^(1/3), sin(x).
_BARE = re.compile(
    r"(?<![\\a-zA-Z])(?:(?P<pi>pi)(?![a-zA-Z])"
    r"|(?P<fold>sqrt|exp)\s*\((?P<inner>[^()]*)\)|(?P<name>sin|cos|tan|cot|sec|csc|log|ln)(?=\s*[(_\d]))"
    r"|\^\s*\((?P<power>[^()]*)\)|(?P<stars>\*\*)|(?P<signs>\+\s*(?=-\s*\d))"
)
_TRIGONOMETRY = re.compile(r"\\(?:arc)?(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])")
_DEGREES = re.compile(r"\^\s*\{?\s*\\circ(?![a-zA-Z])\s*\}?|\\degree(?![a-zA-Z])")

_ANGLE = re.compile(rf"(?:{_DEGREES.pattern})[\s$.]*$")


def _table(*rows: tuple[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern, re.ASCII), replacement) for pattern, replacement in rows)


# Applied in this order. Commands have one spelling by then.
_LATEX = _table(
    (r"\\[lc]?dots(?![a-zA-Z])", r"\\ldots "),
    (r"\\%", "%"),
    (r"\\R(?![a-zA-Z])", r"\\mathbb{R}"),
    (
        r"\\text\{(arcsin|arccos|arctan|sin|cos|tan|cot|sec|csc|log|ln|gcd)\}(?=\s*[\w({\\])",
        r"\\\1 ",
    ),
    (r"(?:^|(?<=, )|(?<=,))\\text\{\s*([A-J])\s*\}(?=\s*(?:,|$))", r"\1"),
    (r"\\degree(?![a-zA-Z])", r"^\\circ "),
    (r"\\not\s*=", r"\\ne "),
    (r"\\var(epsilon|theta|phi)(?![a-zA-Z])", r"\\\1"),
    (r"\\(?:coloneqq|triangleq)(?![a-zA-Z])", "="),
    (r"\\[lr]Vert(?![a-zA-Z])", r"\\|"),
    (r"\\lt(?![a-zA-Z])", "<"),
    (r"\\gt(?![a-zA-Z])", ">"),
    (r"\\leq?(?:slant)?(?![a-zA-Z])\s*", r"\\le "),
    (r"\\geq?(?:slant)?(?![a-zA-Z])\s*", r"\\ge "),
    (r"\\neq?(?![a-zA-Z])\s*", r"\\ne "),
    (r"\\lbrace(?![a-zA-Z])", r"\\{"),
    (r"\\rbrace(?![a-zA-Z])", r"\\}"),
    (r"\\[lr]vert(?![a-zA-Z])", "|"),
    (r"\\approx(?![a-zA-Z])", r"\\approx "),
    # 2 matrices: one with brackets around an array, one with a last empty row
    (r"[(\[]\s*\\begin\{array\}\s*\{[clr|\s]*\}", r"\\begin{pmatrix}"),
    (r"\\end\{array\}\s*[)\]]", r"\\end{pmatrix}"),
    (r"\\(begin|end)\{[bp]?matrix\}", r"\\\1{pmatrix}"),
    (r"\\\\\s*\\end\{", r"\\end{"),
    (r"\\infinity(?![a-zA-Z])", r"\\infty "),
    (r"(?:^|(?<=[(\[,=\s]))\+\s*(?=\\infty)", ""),
    (r"\\text\{\s*:\s*\}", ":"),
    (r"\\text\{([0-9A-Fa-f]+)\}(?=\s*_)", r"\1"),
    (r"\\text\{\s*\(?\s*mod(?:ulo)?\s*(\w+)\s*\)?\s*\}", r"\\pmod{\1}"),
    (r"(?<=\d)\s*\\(?:lor|vee)(?![a-zA-Z])\s*(?=-?\d)", ", "),
    (r"^\s*(\d+)\s*\\text\{\s*to\s*\}\s*(\d+)\s*$", r"\1:\2"),
    (r"\\text\{\s*\}", ""),
)
_PLAIN = _table(
    # a decimal comma; three digits after it are thousands, unless nothing but 0 stands before
    (
        r"(?<![\d.,}])(-?(?:\d+(?=\{ ?, ?\}(?!\d{3}(?!\d)))|0(?=\{)))\{ ?, ?\}(?=\d+(?![\d.,{]))",
        r"\1.",
    ),
    (r" ?\{ ?, ?\}", ","),
    (r"^\s*(-?\d*\.\d*)\((\d+)\)\s*$", r"\1\\overline{\2}"),
    (r"^\s*(\d+) to (\d+)\s*$", r"\1:\2"),
    (r"\(\s*mod(?:ulo)?\s+([^()]+)\)", r"\\pmod{\1}"),
    (r"(?<=\d)\s+mod(?:ulo)?\s+(\d+)\s*$", r"\\pmod{\1}"),
    (r"^\s*\\approx", ""),
    (":=", "="),
    (r"\.{3,}|…", r"\\ldots "),
    (r"<=\s*", r"\\le "),
    (r">=\s*", r"\\ge "),
    (r"!=\s*", r"\\ne "),
    (r"^\s*([a-zA-Z])\s*\\approx", r"\1="),
    (r"(?<=[\d})])\s*(?:(?:\\text)?\{\s*)?(?:percent|percentage|pct)\.?\s*\}?\s*$", "%"),
    (r"(?<=[\dA-F)])\s*(?:\\text\{\s*)?\(?\s*(?:in )?base[ -](\d+|[a-z]+)\s*\)?\s*\}?$", r"_{\1}"),
    (r"^\s*\((-?\w+)\)\s*_", r"\1_"),
    (r"^\s*\(?([A-E])\s*[.:)]\s+(?!.*\b(?:and|or)\b[\s}]*\(?[A-J]\b)\S.*$", r"\1"),
)
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_LATE = _table(
    (r"^\s*\\text\{\s*([^{}\\]*?)\s*\}\s*$", r"\1"),
    (rf"^\s*\\text\{{\s*((?:{_MONTHS})[a-z]*)\s*\}}\s*(?=\d+\s*$)", r"\1"),
    (r"(?<=\d)\s*\^?\s*\{?\s*(?:\\text\{\s*)?(?:st|nd|rd|th)\s*\}{0,2}\s*$", ""),
    (r"^\s*(?:\(\s*([A-Z])\s*\)|([A-J])\))\s*$", r"\1\2"),
    (r"^\s*\\text\{\s*\([A-E]\)\s*\}\s*(?=\S)", ""),
    (r"\s*,?\s*\\text\{\s*,?\s*(?:and|or|AND|OR)\s*\}\s*", ", "),
    (r"(?<=[\d})])\s*,?\s*\b(?:and|or|AND|OR)\b\s*", ", "),
    (r"(?<![A-Za-z\\])([A-J])\)?\s*,?\s*(?:and|&|\\&)\s*\(?(?=[A-J](?![A-Za-z]))", r"\1, "),
    (r"\\frac\s*([0-9a-zA-Z])\s*([0-9a-zA-Z])(?![a-zA-Z])", r"\\frac{\1}{\2}"),
    (r"\\frac\s*\{([^{}]*)\}\s*([0-9a-zA-Z])", r"\\frac{\1}{\2}"),
    (r"\\frac\s*([0-9a-zA-Z])\s*\{", r"\\frac{\1}{"),
    (r"\\binom\s*(\d)\s*(\d)", r"\\binom{\1}{\2}"),
    (r"\\sqrt\s*([0-9a-zA-Z])", r"\\sqrt{\1}"),
    (r"(?<![\d./}^\s])(\s*\d+)\s+(\d+)\s*/\s*(\d+)(?![\d./])", r"\1\\frac{\2}{\3}"),
    (r"(?<=\d)\s+(?=\d)", "\x00"),
    (r"(\\[a-zA-Z]+)\s+(?=[a-zA-Z])", "\\1\x00"),
    (r"\s+", ""),
    ("\x00", " "),
    (r"(?<![a-zA-Z}\]_^])\{(\w+)\}(?=\^)", r"(\1)"),
    (r"\^\{([0-9a-zA-Z])\}", r"^\1"),
    (r"\^-(\d+)", r"^{-\1}"),
    (r"_\{([0-9a-zA-Z])\}", r"_\1"),
)
_INEQUALITY = re.compile(r"[<>]|\\[lgn]e(?![a-zA-Z])")
_CONNECTIVE = re.compile(
    r"\s*,?\s*(?:\\text\{\s*,?\s*(and|or|AND|OR)\s*\}|(?<=[\d})\s])\b(and|or|AND|OR)\b|\\(land|lor|wedge|vee)(?![a-zA-Z]))\s*"
)
_LISTED = re.compile(r"\s*\\(?:land|lor|wedge|vee)(?![a-zA-Z])\s*")
_NAMED_SETS = {
    r"\varnothing": r"\emptyset", r"\{\}": r"\emptyset", "emptyset": r"\emptyset",
    "theemptyset": r"\emptyset", "nosolution": r"\emptyset", "nosolutions": r"\emptyset",
    "norealsolution": r"\emptyset", "norealsolutions": r"\emptyset",
    "allrealnumbers": r"(-\infty,\infty)", "allreals": r"(-\infty,\infty)",
    r"\mathbb{R}": r"(-\infty,\infty)", r"\mathbb R": r"(-\infty,\infty)",
}  # fmt: skip
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d|,\d)", re.ASCII)
_SPACED = re.compile(r"(?<![\d.,/] )(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d/]| \d)", re.ASCII)


@lru_cache(1 << 16)
def normalise(answer: str) -> Normal:
    """An answer in one spelling, and its unit; for answers of up to a few thousand characters."""
    if answer.isdigit() and answer.isascii():
        return Normal(answer, "")
    text = _LINES.sub(", ", answer) if "\n" in answer else answer
    text = single_blanks(plain_latex(single_blanks(to_latex(text)))).strip()
    text, domain = split_condition(without_lead(_conclusion(text)))
    measured = compound(text)
    if measured is not None:
        return Normal(measured, "")
    text, money = split_money(text)
    text, degrees = split_temperature(text)
    angle = _ANGLE.search(text) is not None and _TRIGONOMETRY.search(text) is None
    text = _as_latex(text)
    for pattern, replacement in (*_LATEX, *_PLAIN) if "\\" in text else _PLAIN:
        text = pattern.sub(replacement, text)
    text, unit = split_unit(single_blanks(text).strip().rstrip(".,;:"))
    text = _ungroup(_SPACED.sub(lambda m: m[0].replace(" ", ""), text))
    if _INEQUALITY.search(text):  # where it matters which of the two it is
        text = _CONNECTIVE.sub(_one_connective, text)
    elif "=" in text and "\\" in text:
        text = _LISTED.sub(", ", text)
    for pattern, replacement in _LATE:
        text = pattern.sub(replacement, text)
    text = _unwrapped(_exact_side(text.rstrip(".,;:\\")))
    text = _NAMED_SETS.get(text if "\\" in text else text.lower(), text)
    return Normal(text, unit or degrees or money or ("degree" if angle else ""), domain)


_THEN = re.compile(
    r"\\(?:implies|Rightarrow|Longrightarrow|therefore|iff|Leftrightarrow|Longleftrightarrow)(?![a-zA-Z])"
    r"|,?\s*\\text\{\s*,?\s*(?:so|thus|hence|therefore|then)\s*,?\s*\}"
)
_RELATES = re.compile(r"[=<>]|\\(?:[lgn]eq?(?:slant)?|equiv)(?![a-zA-Z])")


def _conclusion(text: str) -> str:
    r"""x=3 of "2x=6 \implies x=3": what stands after the last arrow, behind a relation."""
    *before, last = _THEN.split(text) if "\\" in text else [text]
    lead, last = "".join(before).strip(), last.strip()
    if not last or not before or (lead and _RELATES.search(lead) is None):
        return text
    sound = split_top(lead, "") is not None and is_harmless(lead)
    return last if sound and not any(_contradicts(last, part) for part in before) else text


_VALUE = re.compile(r"([a-zA-Z])\s*=\s*(-?\d{1,9}(?:\.\d{1,9})?)")


def _contradicts(conclusion: str, premise: str) -> bool:
    """Whether an equation in one unknown, "2x=7", does not hold for the value of it, "x=3"."""
    match = _VALUE.fullmatch(conclusion.strip())
    parts = premise.split("=")
    if match is None or len(parts) != 2:
        return False
    letter = re.compile(rf"(?<![\\a-zA-Z]){match[1]}(?![a-zA-Z])")
    left, right = (roughly(letter.sub(f"({match[2]})", part).strip()) for part in parts)
    return left is not None and right is not None and abs(left - right) > Fraction(1, 10**6)


def _as_latex(text: str) -> str:
    """Program spellings become LaTeX; a degree sign stays only where it matters, at an angle."""
    text = _BARE.sub(_one_as_latex, text)
    if "\\circ" in text or "\\degree" in text:
        text = _DEGREES.sub(r"^\\circ " if _TRIGONOMETRY.search(text) else "", text)
    return text


def _one_as_latex(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "inner":
        return ("\\sqrt{" if match["fold"] == "sqrt" else "e^{") + match["inner"] + "}"
    if kind == "power":
        return "^{" + match["power"] + "}"
    return {"pi": "\\pi ", "stars": "^", "signs": ""}.get(str(kind), "\\" + match[0])


_ROUNDED = re.compile(r"(.+)\\approx(-?(?:\d+\.?\d*|\.\d+))")


def _exact_side(text: str) -> str:
    r"""1/3 of "1/3 \approx 0.333"; "2 \approx 3", which is not so, stays."""
    match = _ROUNDED.fullmatch(text)
    value = roughly(match[1]) if match else None
    if match is None or (value is not None and not is_rounded(match[2], value)):
        return text
    return match[1]


def _one_connective(match: re.Match[str]) -> str:
    word = (match[1] or match[2] or match[3]).lower()
    return "\\land " if word in ("and", "land", "wedge") else "\\lor "


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


_ANGLES = ("\\langle", "\\rangle")
_SPLITTABLE = frozenset("()[]{}")


def split_top(text: str, separators: str = ",;") -> list[str] | None:
    r"""Parts between separators outside of ( [ { \{; None if the brackets do not match up."""
    if _SPLITTABLE.isdisjoint(text) and not any(mark in text for mark in separators):
        return [text]
    parts: list[str] = []
    depth = start = at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            if text.startswith(_ANGLES, at):
                depth = max(depth + (1 if text[at + 1] == "l" else -1), 0)
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
