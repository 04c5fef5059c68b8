"""The expressions in a sentence. They end at words, not at blanks, operators, commas or brackets; a
few words join two of them ("to", "in", "out of", "and")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from restem.rewards.calculations import FUNCTIONS, HOLE, LATIN, unknowns, words
from restem.rewards.units import CANONICAL

_SIGNS = "⁄Ͱ-Ͽ²³¹⁰-₟¼-¾⅐-↏←-⋿⟀-⟯⨀-⫿⦀-⧿°′″×÷±·µ＀-￯𝐀-𝟿№ªº"
_TOKEN = re.compile(
    r"(?P<blank>\s+)"
    rf"|(?P<hole>{HOLE})"
    r"|(?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    rf"|(?P<word>[{LATIN}]+(?:['’][{LATIN}]+)?(?:[-/.][{LATIN}]+)*)"
    r"|(?P<command>\\(?:[A-Za-z]+|.))"
    r"|(?P<sep>[,;](?=\s|$))"
    rf"|(?P<sign>[-+*/^_=<>|%!:&~(){{}}\[\]'\"$€£¥¢@#,.…‐‑–−√?{_SIGNS}])"
    r"|(?P<other>.)",
    re.DOTALL,
)


_ARTICLES = ("a", "A", "I")
_RELATIONS = "=<>≤≥≠≈≡∼≃≅⩽⩾"
_OPERATORS = "+*/^×÷·∙⋅_" + _RELATIONS
DASHES = "-–−‐‑"
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


# ---- tokens


def tokens_of(sentence: str) -> list[Token]:
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
        if token.text in "“”„`":
            return ""
        inside = glued and after is not None and after.start == token.end and token.text not in "—―"
        return "math" if inside and after is not None and after.kind == "number" else "stop"
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
    if next_to or opens or (dashed and len(text) < 3) or text.lower() in FUNCTIONS:
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

VALUE = re.compile(rf"[\d{HOLE}∞π√½⅓⅔¼¾²³]|\\(?!text|left|right|[,;: $%!])[A-Za-z]")
_JOINING = words(
    "and or nor to in out of over per by every each from through till until plus minus times mod "
    "modulo divided multiplied raised power versus vs base choose than a an the"
)
_OPERATING = words("plus minus times mod modulo divided multiplied raised power over choose per")
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


def groups_of(sentence: str, tokens: Sequence[Token], loosely: bool) -> list[Run]:
    """Expressions, joined where the words between them make them one."""
    groups: list[Run] = []
    for run in _runs(tokens):
        if groups and _joins(sentence, tokens, groups[-1], run, loosely):
            groups[-1] = (groups[-1][0], run[1])
        else:
            groups.append(run)
    return [g for g in groups if VALUE.search(sentence, *g)]


_CROSS = re.compile(r"[xX]\s+[\d$(]")


def starts_open(text: str) -> bool:
    """Whether an expression needs something before it: "= 5", "× 4", "- 3"; not "-3"."""
    return text[:1] in tuple(_OPERATORS) or (
        text[:1] in tuple(DASHES) and text[1:2].isspace()
    ) or _LATEX_OPERATORS.match(text) is not None or _CROSS.match(text) is not None  # fmt: skip


def ends_open(text: str) -> bool:
    return text[-1:] in tuple(_OPERATORS + DASHES)


def _joins(sentence: str, tokens: Sequence[Token], first: Run, second: Run, loosely: bool) -> bool:
    between = [t for t in tokens if first[1] <= t.start < second[0]]
    if any(t.kind == "stop" for t in between):
        return False
    words = re.split(r"[\s/]+", " ".join(t.text.lower() for t in between if t.kind == "word"))
    words = [word for word in words if word]
    ours, theirs = sentence[slice(*first)], sentence[slice(*second)]
    if starts_open(theirs) or ends_open(ours) or ours.count("(") > ours.count(")"):
        return len(words) < 9 and not _says(words)
    alone = "=" in theirs and not _OPERATING & set(words)
    if alone and not unknowns(theirs.partition("=")[0]):
        return False  # "24 in May and 48 + 24 = 72": a statement of its own
    comma = any(t.kind == "sep" for t in between)
    if comma and (len(words) > 2 or _ADVERBIAL.search(sentence[: first[0]])):
        return False
    if _counts(words):
        return True
    return _connected(words, comma, loosely)


def _says(words: Sequence[str]) -> bool:
    return any(word in _COPULAS for word in words)


_COPULAS = words(
    "is are was were equals equal makes gives means leaves has have had gets get be becomes yields "
    "leaving giving making getting so then thus hence therefore it he she they we i this that there"
)


def _counts(words: Sequence[str]) -> bool:
    """Between the numbers of "2 hours 30 minutes", "5 feet and 6 inches"."""
    return bool(words) and words[0] in CANONICAL and set(words[1:]) <= {"and", "or", "to"}


def _connected(words: Sequence[str], comma: bool, loosely: bool) -> bool:
    """Up to two nouns, then nothing but joining words."""
    if _says(words):
        return False  # "8, so 8/24"
    joining = _JOINING | _LOOSELY if loosely else _JOINING
    at = next((i for i, word in enumerate(words) if word in joining), None)
    if at is None:
        return comma and len(words) < 2
    if at > 2:
        return False
    rest = list(words[at:])
    if "for" in rest and not loosely and not {"every", "each"} & set(rest):
        return False
    return all(word in joining or word in ("is", "as") for word in rest)
