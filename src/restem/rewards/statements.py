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

from restem.rewards.boxes import Span, clean, joined, last_group
from restem.rewards.units import CANONICAL, keeps_number, multiplies

HOLE = "\ue000"  # stands for a formula, so that what is in it parts no sentence
FORMULAS = re.compile(rf"{HOLE}(?:(?:[\s,;]|\b(?:and|or)\b)*{HOLE})*")  # one answer
MAX_SENTENCE = 4000  # characters; a longer "sentence" is a dump of numbers

_LATIN = "A-Za-zÀ-ÖØ-öø-ɏ"
_SIGNS = "Ͱ-Ͽ²³¹⁰-₟¼-¾⅐-↏←-⋿⟀-⟯⨀-⫿⦀-⧿°′″×÷±·µ＀-￯𝐀-𝟿№ªº"
_TOKEN = re.compile(
    r"(?P<blank>\s+)"
    rf"|(?P<hole>{HOLE})"
    r"|(?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    rf"|(?P<word>[{_LATIN}]+(?:['’][{_LATIN}]+)?(?:[-/.][{_LATIN}]+)*)"
    r"|(?P<command>\\(?:[A-Za-z]+|.))"
    r"|(?P<sep>[,;](?=\s|$))"
    rf"|(?P<sign>[-+*/^_=<>|%!:&~(){{}}\[\]'\"$€£¥¢@#,.…‐‑–−√?{_SIGNS}])"
    r"|(?P<other>.)",
    re.DOTALL,
)
_FUNCTIONS = frozenset(
    ("sqrt cbrt sin cos tan cot sec csc log ln exp pi mod gcd lcm arcsin arccos arctan sinh cosh "
     "tanh infinity infty oo floor ceil abs").split()
)  # fmt: skip
_ARTICLES = ("a", "A", "I")
_RELATIONS = "=<>≤≥≠≈≡∼≃≅⩽⩾"
_OPERATORS = "+*/^×÷·∙⋅_" + _RELATIONS
_DASHES = "-–−‐‑"
_LATEX_OPERATORS = re.compile(
    r"\\(?:times|cdot|div|ast|pm|mp|le|ge|leq|geq|lt|gt|ne|neq|approx|equiv|over|cup|cap|in|to"
    r"|mod|pmod|bmod)(?![A-Za-z])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a sentence: "math" belongs to an expression, "word" does not, "sep" parts
    expressions of a list, "stop" ends whatever it stands in."""

    kind: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What a sentence states."""

    answer: str
    formula: bool
    """Whether any of it stood between math delimiters."""


# ---- tokens


def _tokens(sentence: str) -> list[Token]:
    """The tokens of a sentence but for its blanks; words become math where they are part of an
    expression: 5k, x2, f(3), 2 x 3."""
    raw = [
        Token(str(m.lastgroup), *m.span(), m[0])
        for m in _TOKEN.finditer(sentence)
        if m.lastgroup != "blank"
    ]
    found: list[Token] = []
    depth = 0
    for at, token in enumerate(raw):
        before = found[-1] if found else None
        after = raw[at + 1] if at + 1 < len(raw) else None
        kind = "math" if depth or token.text == "{" else _kind(token, before, after)
        depth = max(depth + (token.text == "{") - (token.text == "}"), 0)
        if kind:
            found.append(Token(kind, token.start, token.end, token.text))
    return found


def _kind(token: Token, before: Token | None, after: Token | None) -> str:
    glued = before is not None and before.kind == "math" and before.end == token.start
    if token.kind in ("hole", "number", "command"):
        return "math"
    if token.kind == "sep":
        return "sep"
    if token.kind == "other":
        return "" if token.text in "“”„`" else "stop"
    if token.kind == "sign":
        return _sign_kind(token, before, after, glued)
    return _word_kind(token, before, after, glued)


def _sign_kind(token: Token, before: Token | None, after: Token | None, glued: bool) -> str:
    goes_on = after is not None and after.start == token.end
    if token.text in "'\"":
        return "math" if glued and before is not None and before.text[-1:].isdigit() else ""
    if token.text == ":":
        apart = before is not None and before.kind == "math" and not glued
        return "math" if (glued and goes_on) or apart else "stop"
    if token.text == ".":
        return "math" if goes_on or (glued and before is not None and before.text == ".") else ""
    if token.text == "?":
        return "math" if goes_on or not glued else "stop"
    return "math"


def _word_kind(token: Token, before: Token | None, after: Token | None, glued: bool) -> str:
    text = token.text
    next_to = after is not None and after.start == token.end and after.kind in ("number", "hole")
    opens = after is not None and after.start == token.end and after.text in tuple("(^_[")
    dashed = after is not None and after.start == token.end and after.text in tuple("-‐‑*/+")
    if next_to or opens or (dashed and len(text) < 3) or text.lower() in _FUNCTIONS:
        return "math"
    if glued and before is not None and before.text not in tuple("([\"'=<>$€£¥:+*/,.|#&@"):
        return "math"
    if glued and before is not None and before.text == "/":
        return "math"
    if glued and len(text) < 3 and before is not None and before.text in tuple("+*/=<>:|"):
        return "math"
    if "/" in text or "-" in text or "." in text:
        parts = re.split("[-/.]", text)
        return "math" if all(len(part) == 1 for part in parts) and "." not in text else "word"
    if len(text) > 1:
        return "word"
    if text in _ARTICLES:
        beside = [t for t in (before, after) if t is not None and t.kind != "word"]
        return "math" if any(t.text in tuple(_OPERATORS + "()|") for t in beside) else "word"
    return "math"


# ---- expressions and the groups they form

Run = tuple[int, int]
"""Where an expression starts and ends in its sentence."""

_VALUE = re.compile(rf"[\d{HOLE}∞π√½⅓⅔¼¾²³]|\\(?!text|left|right|[,;: $%!])[A-Za-z]")
_JOINING = frozenset(
    ("and or nor to in out of over per by every each from through till until plus minus times mod "
     "modulo divided multiplied raised power versus vs base choose than a an the").split()
)  # fmt: skip
_OPERATING = frozenset(
    "plus minus times mod modulo divided multiplied raised power over choose per".split()
)
_LOOSELY = frozenset(("for", "at", "with", "than", "on"))
_ADVERBIAL = re.compile(
    r"\b(?:in|after|for|with|at|on|over|during|every|if|when|since|because|from|of|per|within"
    r"|given|step|case|part)\s+(?:the\s+)?(?:first\s+|last\s+|next\s+)?$",
    re.IGNORECASE,
)


def _runs(tokens: Sequence[Token]) -> list[Run]:
    """The expressions: math tokens with nothing but separators between them."""
    runs: list[Run] = []
    start = end = -1
    for token in tokens:
        if token.kind == "math":
            start = token.start if start < 0 else start
            end = token.end
        elif token.kind != "sep" and start >= 0:
            runs.append((start, end))
            start = -1
    return [*runs, (start, end)] if start >= 0 else runs


def _groups(sentence: str, tokens: Sequence[Token], loosely: bool) -> list[Run]:
    """Expressions, joined where the words between them make them one."""
    groups: list[Run] = []
    for run in _runs(tokens):
        if groups and _joins(sentence, tokens, groups[-1], run, loosely):
            groups[-1] = (groups[-1][0], run[1])
        else:
            groups.append(run)
    return [g for g in groups if _VALUE.search(sentence, *g)]


_CROSS = re.compile(r"[xX]\s+[\d$(]")


def _starts_open(text: str) -> bool:
    """Whether an expression needs something before it: "= 5", "× 4", "- 3"; not "-3"."""
    return text[:1] in tuple(_OPERATORS) or (
        text[:1] in tuple(_DASHES) and text[1:2].isspace()
    ) or _LATEX_OPERATORS.match(text) is not None or _CROSS.match(text) is not None  # fmt: skip


def _ends_open(text: str) -> bool:
    return text[-1:] in tuple(_OPERATORS + _DASHES)


def _joins(
    sentence: str, tokens: Sequence[Token], first: Run, second: Run, loosely: bool
) -> bool:
    between = [t for t in tokens if first[1] <= t.start < second[0]]
    if any(t.kind == "stop" for t in between):
        return False
    words = re.split(r"[\s/]+", " ".join(t.text.lower() for t in between if t.kind == "word"))
    words = [word for word in words if word]
    ours, theirs = sentence[slice(*first)], sentence[slice(*second)]
    if _starts_open(theirs) or _ends_open(ours) or ours.count("(") > ours.count(")"):
        return len(words) < 9 and not _says(words)
    alone = "=" in theirs and not _OPERATING & set(words)
    if alone and not _unknowns(theirs.partition("=")[0]):
        return False  # "24 in May and 48 + 24 = 72": a statement of its own
    if _counts(words):
        return True
    comma = any(t.kind == "sep" for t in between)
    if comma and (len(words) > 2 or _ADVERBIAL.search(sentence[: first[0]])):
        return False
    return _connected(words, comma, loosely)


def _says(words: Sequence[str]) -> bool:
    return any(word in _COPULAS for word in words)


_COPULAS = frozenset(
    ("is are was were equals equal makes gives means leaves has have had gets get be becomes yields "
     "so then thus hence therefore it he she they we i this that there").split()
)  # fmt: skip


def _counts(words: Sequence[str]) -> bool:
    """Between the numbers of "2 hours 30 minutes", "5 feet and 6 inches"."""
    return bool(words) and words[0] in CANONICAL and set(words[1:]) <= {"and", "or", "to"}


def _connected(words: Sequence[str], comma: bool, loosely: bool) -> bool:
    """Up to two nouns, then nothing but joining words."""
    joining = _JOINING | _LOOSELY if loosely else _JOINING
    at = next((i for i, word in enumerate(words) if word in joining), None)
    if at is None:
        return comma and len(words) < 2
    if at > 2 or _says(words):
        return False
    rest = list(words[at:])
    if "for" in rest and not loosely and not {"every", "each"} & set(rest):
        return False
    return all(word in joining or word in ("is", "as") for word in rest)


# ---- what the words around an expression do to it

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
    "not|never|neither|no|least|most|more|less|greater|fewer|bigger|larger|smaller|higher|lower|over"
    "|under|above|below|beyond|about|around|approximately|approx|roughly|nearly|almost|circa"
    "|between|from|within|twice|thrice|half|double|triple|negative|minus|plus|times|square|cube"
    "|root|power|logarithm|log|reciprocal|inverse|factorial|sine|cosine|tangent|modulo|mod|base"
    "|percent|exceeds?|except|instead|multiples?|divisors?|factor|up to|one"
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
_LOOSE_END = re.compile(
    rf"\b(?:but|while|that|who|whom|then|and(?!\s+(?:an?|{_NUMERALS}|\d)\b))\b"
)
_ADDED = re.compile(r"^ +more\b(?! +than)", re.IGNORECASE)  # "12 more apples"
_OTHERWISE = re.compile(r"\s*,?\s*or\b", re.IGNORECASE)
_HEDGED = re.compile(
    rf"\bat (?:least|most)\b|\b[ap]\.?m\b|\b(?:approximately|roughly|maximum|minimum|{_NUMERALS})\b",
    re.IGNORECASE,
)
_IS_IT = re.compile(
    r"\s+(?:is|are|was|were)\s+(?:then\s+)?(?:the|her|his|our|my|your|their|its|correct|right|left)\b"
    r"(?!.*\b(?:not|wrong|incorrect|too|less|more|least|most)\b)"
)
_TIMES = re.compile(r"\s+times(?:\s+(?:a|per|each|every|in)\b.*)?\s*", re.IGNORECASE)
_TIMES_AS = re.compile(r"\s+times\s+(?:as|more|the|larger|greater|bigger|smaller|\d)", re.IGNORECASE)
_MONTH = re.compile(rf"\s+(?:{_MONTHS})\b", re.IGNORECASE)
_SMALL = re.compile(
    r"\b(?:be|been|it|he|she|we|us|me|up|my|our|his|her|their|them|they|was|were|will|can|has|have"
    r"|had|did|does|is|are|do|you|your|its|than he|than she)\b",
    re.IGNORECASE,
)
_NO_WORD = re.compile(r"[^\w\s^!+*/=<>-]")
_UNIT_SLASH = re.compile(rf"(?<=[{_LATIN}])/(?=[{_LATIN}])")
_NOUN_LINK = re.compile(r"(\s+(?!out\b)[a-z]{3,}.*?)\s(?:in|on|for|from|of|per|by|at|with|to|after|before)\b.*")
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


def _scales(tail: str) -> bool:
    """Whether the words after the result of a calculation make it another: "= 5 dozen"."""
    if _OTHERWISE.match(tail) or _SCALING.match(tail):
        return True
    if _AND_A_PART.search(tail) or _AT_LEAST.search(tail):
        return True
    word = re.match(rf"\s*([{_LATIN}]+)", tail)
    return word is not None and multiplies(word[1])


_AT_LEAST = re.compile(r"\bat (?:least|most)\b", re.IGNORECASE)
_SCALING = re.compile(
    r"\s*(?:[-+*/^!]|times\s+(?:as\b|more|the|\d)|(?:plus|minus|over|mod|modulo|percent)\b"
    rf"|[ap]\.?m\b|(?:to|in|of|and|out\s+of|point|times)\s+(?:{_NUMERALS})\b)",
    re.IGNORECASE,
)

# ---- equations

_WORDS_OF_SIZE = re.compile(
    r"\b(?:plus|minus|times|twice|thrice|double|triple|half|third|quarter|squared|cubed|root|over"
    r"|divided|multiplied|percent|square|cube)\b",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\\[A-Za-z]+|\b(?:" + "|".join(_FUNCTIONS) + r")\b")
_BRACED = re.compile(r"\\(?:text|mathrm|mbox|textbf|operatorname)\s*\{[^{}]*\}")
_LETTER = re.compile(rf"(?<![{_LATIN}])[A-Za-zͰ-ορ-Ͽ](?![{_LATIN}])|[?□_]")
_GLUED_LETTER = re.compile(rf"\d[{_LATIN}](?![{_LATIN}])")
_OPERATION = re.compile(
    rf"[+*/×÷·^±∓]|\s[-–−]\s|(?<=[\d)])[-–−]|[-–−](?=[\d(])|(?<![{_LATIN}])[-–−]|\s+x\s+(?=\d)"
    r"|(?<=[A-Z])-(?=[A-Z])|\\(?:times|cdot|div|ast|pm|mp)(?![A-Za-z])"
)
_COMPARED = re.compile(r"[<>≤≥≠≈≡⩽⩾∈→⇒]|!=|:=|\\(?:[lg]eq?|[lg]t|neq?|approx|equiv|in|to|sim)(?![A-Za-z])")
_EQUALS = re.compile(r"(?<![<>!:=])=(?![=>])")
_FOLLOWS = re.compile(r"=>|[⇒→⟹]|\\(?:implies|Rightarrow|Longrightarrow|rightarrow|to)(?![A-Za-z])")


_WORDING = (
    (re.compile(r"(?<=\S)\s+[xX]\s+(?=[\d$(])"), " * "),  # "5 groups x 45 minutes"
    (re.compile(r"\b(?:a|A|I)\s+(?=[a-z]{2})"), ""),
    (re.compile(r"\b[ap]\.m\b\.?"), ""),
    (re.compile(r"\b(?:square|cubic)\s+(?!of\b|root|number)(?=[a-z]{2})"), ""),
    (re.compile(r"\btimes(?=\s*(?:[-*+/×÷=]|$))"), ""),
    (re.compile(r"\b[A-Za-z]-(?=[a-z]{3})"), ""),  # "12 t-shirts"
    (re.compile(rf"(?<=[{_LATIN}\d])\s?/\s?(?=[{_LATIN}]{{2}})"), " "),  # "$3/gallon"
)
_CONSTANT = re.compile(rf"[\d{HOLE}π∞]|(?<![A-Za-z])e(?![A-Za-z])")
_SHORT_NAME = re.compile(
    r"\b(?!(?:of|is|in|to|at|so|we|he|it|an|my|by|on|or|as|be|no|us|do|if|up|go|me)\b)[a-z]{2}\b"
)
_VARIABLE = re.compile(r"\s*[A-Za-z](?:_\w)?\s*")


def _unknowns(side: str) -> bool:
    """Whether a side of an equation has a variable or a word for an operand."""
    counted = _NAMED.sub(" ", _BRACED.sub(" ", side))
    for pattern, instead in _WORDING:
        counted = pattern.sub(instead, counted)
    if _LETTER.search(counted) or _WORDS_OF_SIZE.search(counted):
        return True
    return any(
        not _CONSTANT.search(operand)
        for operand in _OPERATION.split(counted)
        if operand.strip(" ()[]{}$-–−%")
    )


def _result(equation: str) -> str | None:
    """The last side of an equation, if the others have nothing unknown in them: 5 of "3 + 2 = 5"
    and "2 apples + 3 = 5", None for "x + 2 = 5" and "x = 5"."""
    *workings, last = _EQUALS.split(_FOLLOWS.split(equation)[-1])
    if not workings or not last.strip() or _COMPARED.search(_FOLLOWS.split(equation)[-1]) or _unknowns(last):
        return None
    if len(workings) > 1 and _VARIABLE.fullmatch(workings[0]):
        del workings[0]  # "x = 72 / 3 = 24"
    for number, side in enumerate(workings):
        name = number == 0 and not re.search(r"\d", side) and not _OPERATION.search(side)
        if name:
            if any(p.search(side) for p in (_WORDS_OF_SIZE, _LETTER, _SHORT_NAME)):
                return None
        elif _unknowns(side):
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


# ---- the statement of a sentence

_NUMBER = re.compile(
    r"[-−]?\\?[$€£¥]?[-−]?\s?[0-9][0-9,]*(?:\.[0-9]+)?(?:/[0-9][0-9,]*)?(?:\s*\\?%)?"
)
_MEASURE = re.compile(rf"(?<=\d)[-‐‑](?=(?:{'|'.join(w for w in CANONICAL if len(w) > 2)})\b)")
_ASIDE = re.compile(rf"(?<=\S)\s+\((?![^()]*\b(?:mod|base)\b)[^()]*[{_LATIN}]{{2,}}[^()]*\)")
_BECAUSE = re.compile(r",?\s+because\b", re.IGNORECASE)
_SIGN_WORD = re.compile(r"\b(?:negative|minus)\s+$", re.IGNORECASE)
_PERCENT = re.compile(r"\s*(?:percent|pct)\b\.?", re.IGNORECASE)


def statement(sentence: str, formulas: Sequence[Span] = (), first: bool = False) -> Statement | None:
    """The last statement of a sentence with a HOLE for each of its formulas, or the first one;
    None if it has no expression."""
    sentence = _MEASURE.sub(" ", sentence)
    claim = sentence if first else _BECAUSE.split(sentence, maxsplit=1)[0]
    if _VALUE.search(claim):
        sentence = claim
    tokens = _tokens(sentence)
    groups = _groups(sentence, tokens, loosely=not first)
    if not groups:
        return None
    start, end = groups[0] if first else _last(sentence, tokens, groups)
    holes = sentence.count(HOLE, 0, start), sentence.count(HOLE, start, end)
    inside = formulas[holes[0] : sum(holes)]
    before, tail = sentence[:start], sentence[end:]
    stated = sentence[start:end]
    if FORMULAS.fullmatch(stated):
        stated = HOLE
        content = joined(inside)
    else:
        stated = filled(stated, inside)
        content = ""
    percent = _PERCENT.match(tail)
    if percent and stated[-1:].isdigit():
        stated, tail = stated + "%", tail[percent.end() :]
    answer = _stated(content or stated, before, tail, loosely=not first, formula=bool(content))
    return None if answer is None else Statement(clean(answer), bool(inside))


_PURPOSE = re.compile(
    r"[^=,.;:]*?\b(?:for|to|in|from|after|before|during|per|by|with|of|if|when|at|on)\b"
)
_NEW_CLAIM = re.compile(r"\b(?:and|so|then|but|is|are|was|were|equals|leaves|gives|leaving)\b")


def _last(sentence: str, tokens: Sequence[Token], groups: Sequence[Run]) -> Run:
    """The last group, or the calculation before it that it only explains: "20 + 5 = 25 for selling
    14 peaches"."""
    if len(groups) < 2:
        return groups[-1]
    (start, end), last = groups[-2:]
    gap = sentence[end : last[0]]
    stops = any(t.kind != "word" and end <= t.start < last[0] for t in tokens)
    explains = _PURPOSE.match(gap) and not _NEW_CLAIM.search(gap) and not stops
    if not explains or "=" in sentence[slice(*last)] or "=" not in sentence[start:end]:
        return last
    return groups[-2] if _result(sentence[start:end]) is not None else last


def filled(text: str, formulas: Sequence[Span]) -> str:
    pieces = text.split(HOLE)
    return pieces[0] + "".join(
        formula[2] + piece for formula, piece in zip(formulas, pieces[1:], strict=False)
    )


def _stated(stated: str, before: str, tail: str, loosely: bool, formula: bool) -> str | None:
    """An expression with the words around it that belong to it."""
    stated = stated.rstrip(",;:")
    if _ends_open(stated) and re.match(rf"\s*[{_LATIN}]", tail):  # "5 + the rest"
        return before[-40:] + stated + tail
    if not _balanced(stated):
        return None
    if _starts_open(stated):
        stated = _opened(stated, before)
        before = ""
    result = None if formula else _result(stated)
    if result is not None:
        return result + (tail if _scales(tail) else "")
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
    for pattern, instead in _WORDING:
        clause = pattern.sub(instead, clause)
    operation = _WORDS_OF_SIZE.search(clause) or _OPERATION.search(clause)
    return bool(operation) and bool(_LETTER.search(clause) or _NUMBER_WORD.search(clause))


def _opened(stated: str, before: str) -> str:
    """An expression that goes on from words: "total = 5"; a minus of its own is a sign."""
    if stated[0] in _DASHES:
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
