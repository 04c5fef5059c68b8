r"""Find the final answer in the text of a solution.

Pure string code, one pass per rule, so that 3,000 unclosed boxes cost no more than 3,000 closed
ones. The first rule that applies decides; its name goes into the verdict:

    final answer   Minerva's "Final Answer: The final answer is X. I hope it is correct.", the
                   FIRST complete one: models run on into a new problem. For the same reason the
                   rules after "boxed" read up to the first "I hope it is correct"
    boxed          the last \boxed{X}; boxes with nothing but commas, "and", "or" or math delimiters
                   between them are one list. An unclosed or empty last box is no answer, and no
                   other rule is tried
    ####           GSM8K's "#### X" line, the first one that holds a number
    A:             a last line "A: X"
    answer is      the last "answer is X", "Answer: X"
    math           the last $X$, \(X\) or \[X\], unless a later sentence has a number
    line           the last line, if it is a formula
    number         the last number, when nothing else is marked

Words that make a number another stay with it, and make it wrong: "5 dozen", "at least 5", "not 5",
"5 or 6". "negative 5" is -5.

Source of the rules: Minerva's prompt (arXiv 2206.14858 appendix D.2), MATH (arXiv 2103.03874),
GSM8K (arXiv 2110.14168).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from restem.rewards.boxes import MAX_ANSWER, Span, boxed, clean, first_group, joined, last_group
from restem.rewards.units import keeps_number, multiplies

__all__ = ["MAX_ANSWER", "Extracted", "clean", "extract"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """A final answer and how it was found."""

    answer: str
    """As written, but for runs of blanks, delimiters and closing punctuation; "" for an unclosed or
    empty box."""
    rule: str


_BLANKS = re.compile(r"\s{2,}")  # patterns here are quadratic in such a run


def extract(text: str) -> Extracted | None:
    """The final answer of a solution and the rule that found it, None if no rule applies."""
    text = _BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", text)
    for rule, found in (("final answer", _minerva(text)), ("boxed", boxed(text))):
        if found is not None:
            return Extracted(found, rule)
    text = _CLOSING.split(text, maxsplit=1)[0]  # models run on into a new problem
    for rule, find in _FALLBACKS:
        answer = find(text)
        if answer:
            return Extracted(answer, rule)
    return None


# ---- Minerva

_MINERVA = re.compile(
    r"final answer:?\s?(?:\*\*)?\s?(?:the final answer\b)?\s?(?:is\b:?)?", re.IGNORECASE
)
_CLOSING = re.compile(r"I hope it is correct")


def _minerva(text: str) -> str | None:
    """The first statement that is opened and closed with no other opening in between."""
    if _CLOSING.search(text) is None:
        return None
    openings = [match.end() for match in _MINERVA.finditer(text)]
    if not openings:
        return None
    closings = (match.start() for match in _CLOSING.finditer(text))
    close = next((at for at in closings if at >= openings[0]), None)
    if close is None:
        return None
    content = text[max(at for at in openings if at <= close) : close].strip()
    in_box = boxed(content)
    return clean(in_box if in_box is not None else _phrase(content))


# ---- GSM8K and plain words

_HASHES = re.compile(r"(?<!#)####(?!#)[ \t]*(\S[^\n]*)")
_COUNT = re.compile(r"([-+]?\s?\\?\$?\s?[0-9][0-9,]*(?:\.[0-9]+)?%?)((?: +[A-Za-z]+){1,3})\.?")
_SIGN = re.compile(r"(?<![A-Za-z])(?:negative|minus)\s+(?=\\?\$?\d)", re.IGNORECASE)
_NOT = re.compile(r"n't\b|\b(?:not|never|neither|between)\b", re.IGNORECASE)
_NEAR_HEDGE = re.compile(
    r"(?:(?:n't|\b(?:not|never|no|neither|least|most|more|less|greater|fewer|over|under|above"
    r"|below|about|around|approximately|roughly|nearly|almost|between|from|twice|thrice|half"
    r"|double|triple|negative|minus|plus|times|square|cube|root))\b(?:\s+(?:than|of|the|a|to))*"
    r"|\d\s*,?\s*\b(?:or|and))\s+$",
    re.IGNORECASE,
)
_TAIL_END = re.compile(
    r"[,;(!?:]|\b(?:because|since|as|so|for|after|if|when|which|where)\b"
    r"|\band +(?=(?:it|this|that|we|he|she|they|then|the)\b)"
)
_ADDED = re.compile(r"^ +more\b(?! +than)", re.IGNORECASE)  # "12 more apples"
_OTHERWISE = re.compile(r"\s*,?\s*or\b", re.IGNORECASE)
_ANSWER_IS = re.compile(
    r"\banswers?\b[^.\n:=$\\]{0,40}?(?:\b(?:is|are)\b(?!\s+not\b)|[:=])", re.IGNORECASE
)
_STATED = re.compile(r".*\b(?:is|are|equals)\b(?! not\b)(.*[\d$].*)", re.DOTALL)
_SENTENCE_END = re.compile(r"\.(?=\s|$)|\n|<\|")
_WORD = re.compile(r"(?<![\\A-Za-z])(?!(?:and|sqrt|sin|cos|tan|cot|sec|csc|log|exp)\b)[A-Za-z]{3,}")
_TEXT = re.compile(r"\\(?:text|mathrm|mbox|textbf|begin|end)\s*\{[^{}]*\}")
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.])[-−]?\\?\$?[0-9][0-9,]*(?:\.[0-9]+)?(?:/[0-9][0-9,]*)?(?:\s*(?:\\?%|percent\b|pct\b))?"
)


def _hashes(text: str) -> str | None:
    """GSM8K's last line. A Markdown heading ("#### Step 1") is none."""
    for match in _HASHES.finditer(text):
        line = _signed(match.group(1).strip())
        if _NEAR_HEDGE.match(line.rstrip("0123456789,.$\\")):
            return clean(line)
        count = _COUNT.fullmatch(line)
        if count:
            return clean(count[1] if _is_free(count[2]) else line)
        if any(c.isdigit() for c in line) and not _WORD.search(_TEXT.sub("", line)):
            return clean(line)
    return None


def _a_line(text: str) -> str | None:
    last = text.rstrip().rpartition("\n")[2].strip()
    return _phrase(last[2:]) if last.startswith("A:") else None


def _answer_is(text: str) -> str | None:
    end = None
    for match in _ANSWER_IS.finditer(text):
        end = match.end()
    return _phrase(text[end:]) if end is not None else None


def _phrase(text: str) -> str:
    """What follows "the answer is": formula, list, number with a noun, or word."""
    rest = _signed(text.lstrip(' \t\r\n:=*"“'))  # "**Answer:** 5"
    if rest.startswith(("$$", "\\[")):
        spans = math_spans(rest)
        if spans and spans[0][0] == 0:
            return clean(spans[0][2])
    sentence = _SENTENCE_END.split(rest, maxsplit=1)[0].strip()
    if CODE.search(sentence):
        return clean(sentence)
    spans = math_spans(sentence)
    if spans and spans[0][0] == 0:
        return joined(first_group(sentence, spans))
    if spans:
        stated = _STATED.match(sentence)  # "The largest $n$ is 34"
        return _phrase(stated[1]) if stated else clean(spans[-1][2])
    bare = clean(sentence)
    if not _WORD.search(_TEXT.sub("", bare)):
        return bare
    return _counted(bare)


def _counted(phrase: str) -> str:
    """The number of "5 apples"; the whole phrase if its words make it another: "5 dozen"."""
    last = phrase.rpartition("=")[2]
    number = _NUMBER.search(last)
    before = last[: number.start()] if number else ""
    if number is None or _NOT.search(before) or _NEAR_HEDGE.search(before[-60:]):
        return phrase
    return clean(number.group()) if _is_free(last[number.end() :]) else phrase


def _is_free(tail: str) -> bool:
    """Whether what follows a number in its sentence leaves it as it is."""
    words = _TAIL_END.split(_ADDED.sub("", tail), maxsplit=1)[0]
    return not _OTHERWISE.match(tail) and keeps_number(_NO_WORD.sub(" ", words))


def _signed(text: str) -> str:
    """ "negative 5" at the start is -5."""
    match = _SIGN.match(text)
    return "-" + text[match.end() :] if match else text


# ---- nothing but formulas or numbers

_DELIMITER = re.compile(r"\$\$|\$|\\[()\[\]]|\\.|\n", re.DOTALL)
_PROSE = re.compile(_WORD.pattern + r"|(?<!\\)\b(?:and|or)\b")
_WORDS = re.compile(r"[a-zA-Z] +[a-zA-Z]")
CODE = re.compile(
    r"__|\b(?:import|lambda|eval|exec|open|getattr|globals|os|sys|subprocess)\b\s*[.(]"
)
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
        if token == "$" and (not content.strip() or _PROSE.search(_TEXT.sub("", content))):
            opened = (token, *match.span())  # a price; this dollar may open a formula
            continue
        spans.append((opened[1], match.end(), content))
        opened = None
    return spans


def _last_math(text: str) -> str | None:
    """The last formula, unless a later sentence has a number."""
    spans = math_spans(text)
    if not spans:
        return None
    end = spans[-1][1]
    if text[end - 2 : end] not in ("$$", "\\]"):  # a displayed formula ends its sentence
        stop = _SENTENCE_END.search(text, end)
        end = stop.end() if stop else len(text)
    return None if _NUMBER.search(text, end) else joined(last_group(text, spans))


def _last_line(text: str) -> str | None:
    """The last line if it is a formula without delimiters."""
    line = text.rstrip().rpartition("\n")[2]
    if not line.isascii() or not any(c.isdigit() for c in line) or _WORDS.search(line):
        return None
    return None if _PROSE.search(_TEXT.sub("", line)) else clean(line.rpartition("=")[2])


def _last_number(text: str) -> str | None:
    """The last number, with the words before and after that make it another; none of a line of
    code."""
    last = None
    for match in _NUMBER.finditer(text):
        last = match
    if last is None:
        return None
    start = text.rfind("\n", 0, last.start()) + 1
    if CODE.search(text, start, last.end()):
        return None
    before = _NEAR_HEDGE.search(text, max(start, last.start() - 60), last.start())
    after = _NEXT_WORD.match(text, last.end())
    words = after[0] if after and multiplies(after[0]) else ""
    return clean((before[0] if before else "") + last.group() + words)


_NO_WORD = re.compile(r"[^\w\s^!+*/=<>-]")
_NEXT_WORD = re.compile(r"[ -]+[A-Za-z]+")
_FALLBACKS = (
    ("####", _hashes),
    ("A:", _a_line),
    ("answer is", _answer_is),
    ("math", _last_math),
    ("line", _last_line),
    ("number", _last_number),
)
