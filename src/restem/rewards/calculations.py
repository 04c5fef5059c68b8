"""Calculations that a sentence carries out: "3 apples + 2 apples = 5" comes to 5, "x + 2 = 5" to
nothing."""

from __future__ import annotations

import re

from restem.rewards.units import keeps_number

HOLE = "\ue000"  # stands for a formula, so that what is in it parts no sentence
LATIN = "A-Za-zÀ-ÖØ-öø-ɏ"  # a range of characters in a pattern


def words(spelled: str) -> frozenset[str]:
    """The set of the words of a text."""
    return frozenset(spelled.split())


FUNCTIONS = words(
    "sqrt cbrt sin cos tan cot sec csc log ln exp pi mod gcd lcm arcsin arccos arctan sinh cosh "
    "tanh infinity infty oo floor ceil abs"
)
WORDS_OF_SIZE = re.compile(
    r"\b(?:plus|minus|times|twice|thrice|double|triple|half|third|quarter|squared|cubed|root|over"
    r"|divided|multiplied|percent|square|cube|(?:doubl|tripl|halv|negat|invert)ed|reciprocal|inverse)\b",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\\[A-Za-z]+|\b(?:" + "|".join(FUNCTIONS) + r")\b")
_BRACED = re.compile(r"\\(?:text|mathrm|mbox|textbf|operatorname)\s*\{[^{}]*\}")
LETTER = re.compile(rf"(?<![{LATIN}])[A-Za-zͰ-ορ-Ͽ](?![{LATIN}])|[?□_]")
_GLUED_LETTER = re.compile(rf"\d[{LATIN}](?![{LATIN}])")
OPERATION = re.compile(
    rf"[+*/×÷·^±∓]|\s[-–−]\s|(?<=[\d)])[-–−]|[-–−](?=[\d(])|(?<![{LATIN}])[-–−]|\s+x\s+(?=\d)"
    r"|(?<=[A-Z])-(?=[A-Z])|\\(?:times|cdot|div|ast|pm|mp)(?![A-Za-z])"
)
_COMPARED = re.compile(
    r"[<>≤≥≠≈≡⩽⩾∈→⇒]|!=|:=|\\(?:[lg]eq?|[lg]t|neq?|approx|equiv|in|to|sim)(?![A-Za-z])"
)
_EQUALS = re.compile(r"(?<![<>!:=])=(?![=>])")
_FOLLOWS = re.compile(r"=>|[⇒→⟹]|\\(?:implies|Rightarrow|Longrightarrow|rightarrow|to)(?![A-Za-z])")


WORDING = (
    (re.compile(r"(?<=\S)\s+[xX]\s+(?=[\d$(])"), " * "),  # "5 groups x 45 minutes"
    (re.compile(r"\b(?:a|A|I)\s+(?=[a-z]{2})"), ""),
    (re.compile(r"(?<=\d)[eE](?=[-+]?\d)"), "0"),  # 4e3
    (re.compile(r"\b[ap]\.m\b\.?"), ""),
    (re.compile(r"\b(?:square|cubic)\s+(?!of\b|root|number)(?=[a-z]{2})"), ""),
    (re.compile(r"\btimes(?=\s*(?:[-*+/×÷=]|$))"), ""),
    (re.compile(r"\b[A-Za-z]-(?=[a-z]{3})"), ""),  # "12 t-shirts"
    (re.compile(rf"(?<=[{LATIN}\d])\s?/\s?(?=[{LATIN}]{{2}})"), " "),  # "$3/gallon"
)
_CONSTANT = re.compile(rf"[\d{HOLE}π∞]|(?<![A-Za-z])e(?![A-Za-z])")
_SHORT_NAME = re.compile(
    r"\b(?!(?:of|is|in|to|at|so|we|he|it|an|my|by|on|or|as|be|no|us|do|if|up|go|me)\b)[a-z]{2}\b"
)
_VARIABLE = re.compile(r"\s*[A-Za-z](?:_\w)?\s*")


def unknowns(side: str) -> bool:
    """Whether a side of an equation has a variable or a word for an operand."""
    counted = _NAMED.sub(" ", _BRACED.sub(" ", side))
    for pattern, instead in WORDING:
        counted = pattern.sub(instead, counted)
    if LETTER.search(counted) or WORDS_OF_SIZE.search(counted):
        return True
    return any(
        not _CONSTANT.search(operand)
        for operand in OPERATION.split(counted)
        if operand.strip(" ()[]{}$-–−%")
    )


def result_of(equation: str) -> str | None:
    """The last side of an equation, if the others have nothing unknown in them: 5 of "3 + 2 = 5"
    and "2 apples + 3 = 5", None for "x + 2 = 5" and "x = 5"."""
    *workings, last = _EQUALS.split(_FOLLOWS.split(equation)[-1])
    if (
        not workings
        or not last.strip()
        or _COMPARED.search(_FOLLOWS.split(equation)[-1])
        or unknowns(last)
    ):
        return None
    if len(workings) > 1 and _VARIABLE.fullmatch(workings[0]):
        del workings[0]  # "x = 72 / 3 = 24"
    for number, side in enumerate(workings):
        name = number == 0 and not re.search(r"\d", side) and not OPERATION.search(side)
        if name:
            if any(p.search(side) for p in (WORDS_OF_SIZE, LETTER, _SHORT_NAME)):
                return None
        elif unknowns(side):
            return None
    counted = _FOR.fullmatch(last)
    if counted and keeps_number(counted[2]):
        return counted[1].strip()  # "60 / 2 = 30 pages in 1 hour"
    return _PER.sub("", last.strip())


_FOR = re.compile(
    r"(\s*\\?[$€£¥]?\d[\d,.]*%?)((?:\s+(?!out\b)[a-z]{3,}){1,3}"
    r"(?=\s+(?:in|for|per|after|of|with|from|at|on|every|each)\b)|(?=\s+(?:for|after)\b)).*"
)
_PER = re.compile(r"(?<=\d)/[a-z]{3,}\Z")
