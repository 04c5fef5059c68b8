r"""Part a text into formulas and sentences, and find the last sentence that states something.

A formula between $, $$, \( \) or \[ \] is one piece, whatever full stops and new lines it holds.
Markdown emphasis, headings and bullets go. A sentence ends at a full stop, a question mark, or a
new line, but not in "approx. 5", and a line that ends with "is at least" or "x >" goes on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from restem.rewards.boxes import Span
from restem.rewards.calculations import HOLE
from restem.rewards.hedges import HEDGE
from restem.rewards.statements import MAX_SENTENCE, Statement, statement

TEXT = re.compile(r"\\(?:text|mathrm|mbox|textbf|begin|end)\s*\{[^{}]*\}")
WORD = re.compile(r"(?<![\\A-Za-z])(?!(?:and|sqrt|sin|cos|tan|cot|sec|csc|log|exp)\b)[A-Za-z]{3,}")
CODE = re.compile(
    r"__|\b(?:import|lambda|eval|exec|open|getattr|globals|os|sys|subprocess)\b\s*[.(]"
)


# ---- formulas

_DELIMITER = re.compile(r"\$\$|\$|\\[()\[\]]|\\.|\n", re.DOTALL)
_PROSE = re.compile(WORD.pattern + r"|(?<!\\)\b(?:and|or)\b")
_CLOSES = {"$$": "$$", "$": "$", "\\(": "\\)", "\\[": "\\]"}


def math_spans(text: str) -> list[Span]:
    r"""Formulas between $, $$, \( \), \[ \], in order, in one pass. Prices ("$5") are none."""
    spans: list[Span] = []
    opened: tuple[str, int, int] | None = None
    for match in _DELIMITER.finditer(text):
        token = match.group()
        if opened is None or token != _CLOSES[opened[0]]:
            if token in _CLOSES and (opened is None or opened[0] == "$"):
                opened = (token, *match.span())
            elif token == "\n" and opened is not None and opened[0] == "$":
                opened = None
            continue
        content = text[opened[2] : match.start()]
        if not content.strip() and token != "$":
            opened = None
            continue
        if token == "$" and (not content.strip() or _PROSE.search(TEXT.sub("", content))):
            opened = (token, *match.span())  # a price; this dollar may open a formula
            continue
        spans.append((opened[1], match.end(), content))
        opened = None
    return spans


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with a HOLE for each formula."""

    text: str
    formulas: tuple[Span, ...]


def masked(text: str) -> Masked:
    """Take the formulas out of a text."""
    text = text.replace(HOLE, " ")
    spans = math_spans(text) if "$" in text or "\\" in text else []
    pieces: list[str] = []
    end = 0
    for span in spans:
        pieces += [text[end : span[0]], HOLE + "." * span[2].rstrip().endswith(".")]
        end = span[1]
    return Masked("".join([*pieces, text[end:]]), tuple(spans))


# ---- Markdown

_EMPHASIS = re.compile(
    r"(?<![\w*)\]}\\$])(\*\*\*|\*\*|__|\*|_|`)(?=[^\s*_`])([^\n*`]{0,299}?[^\s*`])\1(?![\w*(\[])"
)
_HEADING = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|[*•][ \t]+)", re.MULTILINE)


_ITEM = re.compile(r"^[ \t]*(\d{1,2})[.)][ \t]+(?=\S)", re.MULTILINE)


def _without_markers(text: str) -> str:
    """A text without the numbers of a list that counts up from 1: they state nothing."""
    numbers = {int(match[1]) for match in _ITEM.finditer(text)}
    return _ITEM.sub(
        lambda m: "" if int(m[1]) - 1 in numbers or (m[1] == "1" and 2 in numbers) else m[0], text
    )


_STRUCK = re.compile(r"~~[^~\n]{1,200}~~")
_TAGGED = re.compile(r"<(b|i|u|em|strong)>([^<>]{1,200})</\1>")
_PICTURES = re.compile("[\u2600-\u27bf\u2b50\ufe0f\U0001f000-\U0001faff]+|(?<=\\s)[:;]-?\\)")


def plain(text: str) -> str:
    """A text without Markdown emphasis, headings, bullets, and pictures."""
    text = _without_markers(_PICTURES.sub("", _HEADING.sub("", text)))
    text = _STRUCK.sub("", text) if "~~" in text else text
    text = _TAGGED.sub(r"\2", text) if "</" in text else text
    return _EMPHASIS.sub(r"\2", text) if any(mark in text for mark in "*_`") else text


# ---- sentences

_END = re.compile(
    r"(?<!\.)\.(?!\.)(?=[\s*_\"”’)\]}]|$)|\?(?=[\s*_\"”’)]|$)|!(?=[\s*_\"”’)]|$)|[。！？]|\n|<\|"
)
_SHORT = re.compile(
    r"\b(?:approx|ca|vs|e\.g|i\.e|resp|no|nos|eq|fig|sec|ch|mr|mrs|ms|dr|st|rs|a\.m|p\.m|est|min"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|max|avg|sq|cu|ft|in|lb|lbs|oz|hr|hrs)$",
    re.IGNORECASE,
)
_NO_END = re.compile(
    r"(?:[-+*/^_=<>≤≥≠≈±×÷·:(,–−]|\\(?:le|ge|leq|geq|lt|gt|ne|neq|pm|times|cdot|approx|equiv))\s*$"
)
_NO_START = re.compile(
    r"\s*(?:(?:or|and)\b|[+*/^=<>≤≥≠≈±×÷·)]|\\(?:le|ge|leq|geq|pm|times|cdot|approx)(?![a-z]))"
)


def _ends(text: str, at: int, end: int) -> bool:
    """Whether a sentence ends at this mark."""
    mark = text[at]
    if mark == "!":
        return not (text[at - 1 : at].isdigit() or text[at - 1 : at] in (")", "}", HOLE))
    before = text[max(at - 60, 0) : at]
    if mark == ".":
        following = text[end : end + 2].lstrip()[:1]
        return not _SHORT.search(before) or not following or following.isupper()
    if mark == "?":
        return text[at - 1 : at].strip() != ""  # "3 + ? = 10"
    if mark != "\n":
        return True
    if _NO_START.match(text, end) and text[end : end + 1] not in ("", "\n"):
        return not before.strip()
    line = before.rpartition("\n")[2].rstrip()
    return not (_NO_END.search(line) and not line.endswith(":")) and not HEDGE.search(line + " ")


def first_sentence(text: str) -> str:
    """The text up to the first end of a sentence."""
    cut = next((m.start() for m in _END.finditer(text) if _ends(text, *m.span())), len(text))
    return text[:cut]


def _sentences(text: str) -> list[tuple[int, int, str]]:
    """Start, end and closing mark of each sentence."""
    found: list[tuple[int, int, str]] = []
    start = 0
    for match in _END.finditer(text):
        if _ends(text, *match.span()):
            found.append((start, match.start(), match[0]))
            start = match.end()
    return [*found, (start, len(text), "")]


# ---- the last statement

_MAX_TAIL = 8000  # characters at the end of a text that are looked at
_STATES = re.compile(rf"[\d{HOLE}∞π√½⅓⅔¼¾²³]|\\(?:frac|sqrt|pi|infty|pm|begin|binom)(?![A-Za-z])")
_TAKEN_BACK = re.compile(
    r"\b(?:wrong|incorrect|mistake|mistaken|wait|hmm+|not right|not correct|error)\b", re.IGNORECASE
)


def last_statement(text: str) -> tuple[Statement, str] | None:
    """The last statement and the rule that it falls under; None where the last sentence with an
    expression is a question, code, taken back later, or can't be read whole."""
    whole = masked(text)
    tail = whole.text[-_MAX_TAIL:]
    holes = whole.text.count(HOLE, 0, len(whole.text) - len(tail))
    formulas = whole.formulas[holes:]
    tail = plain(tail.rstrip())
    sentences = _sentences(tail)
    if len(whole.text) > _MAX_TAIL:
        sentences = sentences[1:]  # cut off at its start
    while sentences:
        start, end, closing = sentences.pop()
        sentence = tail[start:end]
        if _STATES.search(sentence):
            break
        if _TAKEN_BACK.search(sentence):
            return None
    else:
        return None
    if closing in ("?", "？") or end - start > MAX_SENTENCE or CODE.search(sentence):
        return None
    first = tail.count(HOLE, 0, start)
    found = statement(sentence.replace("\n", " "), formulas[first:])
    if found is None or not found.answer:
        return None
    return found, _rule(found, sentence)


_WORDS = re.compile(r"(?<![\\\w])[^\W\d_]{3,}|[^\W\d_] +[A-Za-z]|[\u3040-\u9fff]")


def _rule(found: Statement, sentence: str) -> str:
    if found.formula:
        return "math"
    return "number" if _WORDS.search(TEXT.sub("", sentence)) else "line"
