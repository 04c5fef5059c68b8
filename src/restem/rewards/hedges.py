"""Words around a number that make it another: "at least 5", "5 dozen", "5 or more"; and those that
don't: "5 apples in total", "42 is her score"."""

from __future__ import annotations

import re

from restem.rewards.calculations import LATIN
from restem.rewards.units import keeps_number, multiplies

_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
)
_NUMERALS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    "|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    "|hundred|thousand|million|half|halves|third|thirds|quarter|quarters|fourths?|fifths?"
)
_CHANGING = (
    "at least|at most|not|never|neither|no|least|most|more|less|greater|fewer|bigger|larger"
    "|smaller|higher|lower|over|under|above|below|beyond|about|around|approximately|approx|roughly|nearly|almost|circa"
    "|between|from|within|twice|thrice|half|double|triple|negative|minus|plus|times|square|cube"
    "|root|power|logarithm|log|reciprocal|inverse|factorial|sine|cosine|tangent|modulo|mod|base"
    "|percent|near|close|tends|approaches|neg"
    "|exceeds?|except|instead|multiples?|divisors?|factor|up to|one"
    rf"|{_MONTHS}|(?:divided|multiplied|divisible|raised)"
)
HEDGE = re.compile(
    rf"(?:(?:n't|\b(?:{_CHANGING})\b\.?)(?:\s+(?:than|of|the|a|an|to|by|power|or|equal))*"
    rf"|\b(?:{_NUMERALS})\s+(?:and|or|in|out|of|to|over|by|per|times|plus|minus|point)\b"
    r"(?:\s+(?:of|the|every|each))*"
    r"|\d\s*,?\s*\b(?:or|and))\s+$",
    re.IGNORECASE,
)
"""Words that make the number behind them another: "at least ", "the square root of "."""
NOT = re.compile(r"n't\b|\b(?:not|never|neither|between)\b", re.IGNORECASE)
_TAIL_END = re.compile(
    r"[,;(!?:—]|\s[–-]\s|\b(?:because|since|as|so|for|after|if|when|which|where)\b"
    r"|\band +(?=(?:it|this|that|we|he|she|they|then|the)\b)"
)
_LOOSE_END = re.compile(rf"\b(?:but|while|that|who|whom|then|and(?!\s+(?:an?|{_NUMERALS}|\d)\b))\b")
_ADDED = re.compile(r"^ +more\b(?! +than)", re.IGNORECASE)  # "12 more apples"
_OTHERWISE = re.compile(r"\s*,?\s*or\b", re.IGNORECASE)
_HEDGED = re.compile(
    rf"\bat (?:least|most)\b|\b[ap]\.?m\b"
    rf"|\b(?:approximately|roughly|maximum|minimum|{_NUMERALS})\b",
    re.IGNORECASE,
)
_IS_IT = re.compile(
    r"\s+(?:is|are|was|were)\s+(?:then\s+)?(?:the|her|his|our|my|your|their|its|correct|right|left)\b"
    r"(?!.*\b(?:not|wrong|incorrect|too|less|more|least|most)\b)"
)
_TIMES = re.compile(r"\s+times(?:\s+(?:a|per|each|every|in)\b.*)?\s*", re.IGNORECASE)
_TIMES_AS = re.compile(
    r"\s+times\s+(?:as|more|the|larger|greater|bigger|smaller|\d)", re.IGNORECASE
)
_MONTH = re.compile(rf"\s+(?:{_MONTHS})\b", re.IGNORECASE)
_SMALL = re.compile(
    r"\b(?:be|been|go|it|he|she|we|us|me|up|my|our|his|her|their|them|they|was|were|will|can|has|have"
    r"|had|did|does|is|are|do|you|your|its|than he|than she)\b",
    re.IGNORECASE,
)
_NO_WORD = re.compile(r"[^\w\s^!+*/=<>-]")
_UNIT_SLASH = re.compile(rf"(?<=[{LATIN}])/(?=[{LATIN}])")
_NOUN_LINK = re.compile(
    r"(\s+(?!out\b)[a-z]{3,}.*?)\s(?:in|on|for|from|of|per|by|at|with|to|after|before)\b.*"
)
_AND_A_PART = re.compile(r"\band\s+(?:an?|one)\s+(?:half|quarter|third)", re.IGNORECASE)


def is_free(tail: str, loosely: bool = False) -> bool:
    """Whether what follows a number in its sentence leaves it as it is."""
    if _OTHERWISE.match(tail) or _TIMES_AS.match(tail) or _MONTH.match(tail):
        return False
    words = _TAIL_END.split(_ADDED.sub("", tail), maxsplit=1)[0]
    if _AND_A_PART.search(words):
        return False
    if loosely:
        if _IS_IT.match(words):
            return True
        words = _LOOSE_END.split(words, maxsplit=1)[0]
        counted = _NOUN_LINK.fullmatch(words)
        words = _UNIT_SLASH.sub(" ", counted[1] if counted else words)
    if _HEDGED.search(words):
        return False
    if _TIMES.fullmatch(words):
        return True
    words = _NO_WORD.sub(" ", words)
    return keeps_number(_SMALL.sub(" ", words) if loosely else words)


def scales(tail: str) -> bool:
    """Whether the words after the result of a calculation make it another: "= 5 dozen"."""
    if _OTHERWISE.match(tail) or _SCALING.match(tail):
        return True
    if _AND_A_PART.search(tail) or _AT_LEAST.search(tail):
        return True
    word = re.match(rf"\s*([{LATIN}]+)", tail)
    return word is not None and multiplies(word[1])


_LABEL = re.compile(
    r"\b(?:steps?|figs?|figures?|equations?|eqs?|theorem|lemma|corollary|cases?|questions?|problems?"
    r"|parts?|examples?|sections?|exercises?|methods?|tables?|definition|scenario)\.?\s+\(?$",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"(?:n['’]t|\b(?:not|cannot|never))\s+(?:(?:be|been|equal|come|amount|to|exactly|just|simply|possibly"
    r"|have|get|give|make|actually|really|necessarily|the|a)\s+)+$"
    r"|\b(?:unlikely|impossible|false|wrong|incorrect)\s+(?:that|to|for)\b[^,;:=]*$"
    r"|\b(?:not sure|unsure|doubt|not know|n['’]t know|whether|none of)\b[^,;:=]*$"
    r"|\b(?:anything but|other than|different from|goes into)\s+$|%\s+off\s+$"
    r"|\bor\s+(?:maybe|perhaps|possibly|even|else|rather)\s+$",
    re.IGNORECASE,
)
_TASK = re.compile(
    r"\b(?:problem|question|exercise)\s+(?:says|states|asks|gives|mentions|tells)\b[^,;:=]*$"
    r"|\b(?:are|re|were|been)\s+(?:told|asked|given)\b[^,;:=]*$"
    r"|\b(?:need|needs|want|wants|have|has|asked|trying)\s+to\s+(?:find|determine|calculate|compute"
    r"|figure|know)\b(?!.*\b(?:is|are|get|gives?)\s*$)[^,;:=]*$"
    r"|(?:^\W*|[,;:]\s+|\b(?:we|you|I|now|then|and|first|next|must|should|just|simply)\s+)"
    r"(?:add|subtract|divide|multiply)(?:\s+(?:by|it|them|this|that|both|all|these|another))*\s+$"
    r"|^\W*(?:suppose|assume|imagine|let(?!['’]?s?\s+(?:us\s+)?(?:add|sum|calculate|compute|see)))\b[^,;:=]*$",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"^\W*(?:if|when|while|although|unless)\b[^,;:=]*$", re.IGNORECASE)
_MAIN_CLAUSE = re.compile(r"[^,;:]*,\s+\w|.*\bthen\b", re.IGNORECASE)


def is_aside(before: str, tail: str) -> bool:
    """Whether what stands around a number in its sentence says that it is no result: it denies it
    ("can't be 5"), labels something ("Step 5"), tells the task again ("We are told there are 5",
    "We divide by 5"), or is a condition ("If she has 5 apples, she is happy")."""
    before = before[-300:]
    if any(says.search(before) for says in (_LABEL, _DENIED, _TASK)):
        return True
    return _CONDITION.match(before) is not None and _MAIN_CLAUSE.match(tail) is not None


OPERATES = re.compile(
    r"(?:n't|\b(?:not|never|at least|at most|plus|minus|times|twice|thrice|double|triple|half of"
    r"|root of|square of|cube of|divided by|multiplied by|more than|less than|negative))\s+$",
    re.IGNORECASE,
)
_AT_LEAST = re.compile(r"\bat (?:least|most)\b", re.IGNORECASE)
_SCALING = re.compile(
    r"\s*(?:[-+*/^!]|times\s+(?:as\b|more|the|\d)|(?:plus|minus|over|mod|modulo|percent)\b"
    rf"|[ap]\.?m\b|(?:to|in|of|and|out\s+of|point|times)\s+(?:{_NUMERALS})\b)",
    re.IGNORECASE,
)
