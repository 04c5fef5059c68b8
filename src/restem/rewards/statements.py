r"""Read the statement of a sentence: the last (or first) complete expression with the words that
belong to it.

    So the area is 3π.             ->  3π              She has 12 apples left.   ->  12
    He ends at 8:15 am.            ->  8:15 am         She has 5 dozen.          ->  5 dozen
    They share it 3:2.             ->  3:2             The chance is 1 in 5.     ->  1 in 5
    3 apples + 2 apples = 5        ->  5               x + 2 = 5                 ->  x + 2 = 5

A statement is never a piece of an expression. Expressions end at words, not at blanks, operators,
commas or brackets; a few words join two of them ("to", "in", "out of", "and"). What cannot be taken
apart without doubt is handed on whole, so that it equals no number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from restem.rewards.boxes import Span, clean, joined
from restem.rewards.calculations import (
    HOLE,
    LATIN,
    LETTER,
    OPERATION,
    WORDING,
    WORDS_OF_SIZE,
    result_of,
)
from restem.rewards.exact import decide
from restem.rewards.expressions import (
    DASHES,
    VALUE,
    Run,
    Token,
    ends_open,
    groups_of,
    starts_open,
    tokens_of,
)
from restem.rewards.hedges import HEDGE, NOT, OPERATES, is_aside, is_free, scales
from restem.rewards.units import CANONICAL

FORMULAS = re.compile(rf"{HOLE}(?:(?:[\s,;]|\b(?:and|or)\b)*{HOLE})*")  # one answer
MAX_SENTENCE = 4000  # characters; a longer "sentence" is a dump of numbers


@dataclass(frozen=True, slots=True)
class Statement:
    """What a sentence states."""

    answer: str
    formula: bool
    """Whether any of it stood between math delimiters."""


_NUMBER = re.compile(
    r"[-−]?\\?[$€£¥]?[-−]?\s?[0-9][0-9,]*(?:\.[0-9]+)?(?:/[0-9][0-9,]*)?(?:\s*\\?%)?"
)
_ARITHMETIC = re.compile(r"(?:[A-Za-z](?:_\w)?\s*=\s*)?[-−(\d.][\d\s.()+*/×÷·=−–-]+")
_MEASURE = re.compile(rf"(?<=\d)[-‐‑](?=(?:{'|'.join(w for w in CANONICAL if len(w) > 2)})\b)")
_ASIDE = re.compile(
    rf"(?<=\S)\s+\((?![^()]*\b(?:mod|base)\b)[^(){HOLE}]*[{LATIN}]{{3,}}[^(){HOLE}]*\)"
)
_PLAIN_SET = re.compile(r"\{[^{}\\]*\}")
_BECAUSE = re.compile(r",?\s+because\b", re.IGNORECASE)
_AND_MORE = re.compile(r"\b(?:and|or)\s+(?:\w+\s+)?$")  # "5 for Ann and 6 for Bo"
_SIGN_WORD = re.compile(r"\b(?:negative|minus|neg\.?)\s+$", re.IGNORECASE)
_PERCENT = re.compile(r"\s*(?:percent|pct)\b\.?", re.IGNORECASE)


def statement(
    sentence: str, formulas: Sequence[Span] = (), first: bool = False
) -> Statement | None:
    """The last statement of a sentence with a HOLE for each of its formulas, or the first one;
    None if it has no expression."""
    sentence = _MEASURE.sub(" ", sentence)
    claim = sentence if first else _BECAUSE.split(sentence, maxsplit=1)[0]
    if VALUE.search(claim):
        sentence = claim
    claim = _ASIDE.sub("", sentence)
    if VALUE.search(claim):
        sentence = claim
    tokens = tokens_of(sentence)
    groups = groups_of(sentence, tokens, loosely=not first)
    if not groups:
        return None
    start, end = groups[0] if first else _last(sentence, tokens, groups)
    holes = sentence.count(HOLE, 0, start), sentence.count(HOLE, start, end)
    inside = formulas[holes[0] : sum(holes)]
    if first and len(groups) > 1 and _AND_MORE.search(sentence[end : groups[1][0]]):
        return Statement(clean(filled(sentence[start:], formulas[holes[0] :])), bool(inside))
    before, tail = sentence[:start], sentence[end:]
    stated = sentence[start:end]
    if not first and "=" not in filled(stated, inside) and is_aside(before, tail):
        return None
    if FORMULAS.fullmatch(stated):
        stated = HOLE
        content = joined(inside)
    else:
        stated = filled(stated, inside)
        content = ""
    stated = _chance(stated, sentence)
    percent = _PERCENT.match(tail)
    if percent and stated[-1:].isdigit():
        stated, tail = stated + "%", tail[percent.end() :]
    answer = _stated(content or stated, before, tail, loosely=not first, formula=bool(content))
    return None if answer is None else Statement(clean(as_latex(answer)), bool(inside))


_BARE_CROSS = re.compile(r"(?<=\d)\s+x\s+(?=\d)")
_BARE_FUNCTION = re.compile(
    r"(?<![\\A-Za-z])(sqrt|sin|cos|tan|cot|sec|csc|log|ln|exp|arcsin|arccos|arctan)(?=\s+[\w(\\])"
)


def as_latex(answer: str) -> str:
    r"""\log x for "log x", which is not the word logx, and \times for the x of "3 x 4 = 12"."""
    if "=" in answer:
        answer = _BARE_CROSS.sub(r" \\times ", answer)
    return _BARE_FUNCTION.sub(r"\\\1", answer)


_PURPOSE = re.compile(
    r"[^=,.;:]*?\b(?:for|to|in|from|after|before|during|per|by|with|of|if|when|at|on)\b"
)
_LATER = re.compile(
    r"(?:\s+[a-z]+){0,4}?\s+(?:after|before|when|while|if|once|because|unless)\s"
    r"(?!.*\b(?:and|so|then|but|is|are|equals|leaves|gives|leaving)\b)[^,;:]*$"
)
_STATES = re.compile(
    r"\b(?:is|are|has|have|had|gets?|got|earns?|earned|needs?|makes?|made|leaves?|left|remains?)\b"
    r"[^,;:\d]*$"
)
_NEW_CLAIM = re.compile(r"\b(?:and|so|then|but|is|are|was|were|equals|leaves|gives|leaving)\b")


def _last(sentence: str, tokens: Sequence[Token], groups: Sequence[Run]) -> Run:
    """The last group, or the calculation before it that it only explains: "20 + 5 = 25 for selling
    14 peaches"."""
    if len(groups) < 2:
        return groups[-1]
    (start, end), last = groups[-2:]
    gap = sentence[end : last[0]]
    if _LATER.match(gap) and _STATES.search(sentence[:start]) and "=" not in sentence[last[0] :]:
        return groups[-2]
    stops = any(t.kind != "word" and end <= t.start < last[0] for t in tokens)
    explains = _PURPOSE.match(gap) and not _NEW_CLAIM.search(gap) and not stops
    if not explains or "=" in sentence[slice(*last)] or "=" not in sentence[start:end]:
        return last
    return groups[-2] if result_of(sentence[start:end]) is not None else last


def filled(text: str, formulas: Sequence[Span]) -> str:
    pieces = text.split(HOLE)
    return pieces[0] + "".join(
        formula[2] + piece for formula, piece in zip(formulas, pieces[1:], strict=False)
    )


def _stated(stated: str, before: str, tail: str, loosely: bool, formula: bool) -> str | None:
    """An expression with the words around it that belong to it."""
    stated = stated.rstrip(",;:")
    if _GLUED.match(tail) or _GLUED.match(before[-1:]):  # "5‰", "¬5"
        return None
    if ends_open(stated) and re.match(rf"\s*[{LATIN}]", tail):  # "5 + the rest"
        return before[-40:] + stated + tail
    if not _balanced(stated):
        return None
    if not formula and _PLAIN_SET.fullmatch(stated):
        stated = rf"\{{{stated[1:-1]}\}}"
    if starts_open(stated):
        stated = _opened(stated, before)
        before = ""
    result = None if formula else result_of(stated)
    if result and _ARITHMETIC.fullmatch(stated) and decide(stated, result) is False:
        return stated  # "5 - 3 = 3" is no 3
    if result is not None and OPERATES.search(before):
        return before[-60:] + stated
    if result is not None:
        return result + (tail if scales(tail) else "")
    if _of_unknown(before):
        return before + stated
    sign = _SIGN_WORD.search(before)
    if sign and _NUMBER.fullmatch(stated) and stated[:1].isdigit():
        stated, before = "-" + stated, before[: sign.start()]
    hedge = HEDGE.search(before[-60:])
    denied = not loosely and NOT.search(before) is not None
    words = tail if not is_free(tail, loosely) else ""
    if hedge:
        return hedge[0] + stated + words
    return (before + stated + tail) if denied else stated + words


_GLUED = re.compile(r"[^\w\s.,;:!?()\[\]{}\"'“”„‚«»‘’`*~<>|/—–\\-]")
_OUT_OF = re.compile(r"(\d+)\s+(?:out\s+of|(in))\s+(?:every\s+)?(\d+)")
_CHANCE = re.compile(r"\b(?:chances?|probability|likelihood|odds)\b", re.IGNORECASE)


def _chance(stated: str, sentence: str) -> str:
    """1/5 for "1 out of 5", and for "1 in 5" where the sentence is about a chance."""
    match = _OUT_OF.fullmatch(stated)
    if match is None or (match[2] and not _CHANCE.search(sentence)):
        return stated
    if len(match[1]) > 9 or len(match[3]) > 9 or int(match[1]) > int(match[3]):
        return stated
    return f"{match[1]}/{match[3]}"


_SAYS = re.compile(
    r"\b(?:is|are|equals?|gives?|makes?)\s+(?:exactly\s+|just\s+|then\s+)?(?:equal\s+to\s+)?$"
)
_NUMBER_WORD = re.compile(r"\bnumber\b(?!\s+of\b)", re.IGNORECASE)


def _of_unknown(before: str) -> bool:
    """Whether a number is what an operation on something unknown comes to: "twice x is 10"."""
    said = _SAYS.search(before[-200:])
    if said is None:
        return False
    clause = re.split(r"[,;:]\s|\b(?:so|then|hence|thus|and)\b", before[-200:][: said.start()])[-1]
    for pattern, instead in WORDING:
        clause = pattern.sub(instead, clause)
    operation = WORDS_OF_SIZE.search(clause) or OPERATION.search(clause)
    return bool(operation) and bool(LETTER.search(clause) or _NUMBER_WORD.search(clause))


def _opened(stated: str, before: str) -> str:
    """An expression that goes on from words: "total = 5"; a minus of its own is a sign."""
    if stated[0] in DASHES:
        return "-" + stated[1:].lstrip()
    name = re.split(r"[.,;:!?]\s", before)[-1]
    return (name + stated) if name.strip() else stated


def _balanced(text: str) -> bool:
    """Whether brackets match up, counting (0,1] and its like as matching."""
    depth = braces = 0
    for match in re.finditer(r"\\.|[(){}\[\]]", text):
        token = match[0]
        depth += (token in ("(", "[")) - (token in (")", "]"))
        braces += (token in ("{", "\\{")) - (token in ("}", "\\}"))
        if depth < 0 or braces < 0:
            return False
    return depth == braces == 0
