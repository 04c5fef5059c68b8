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

Source of the rules: Minerva's prompt (arXiv 2206.14858 appendix D.2), MATH (arXiv 2103.03874),
GSM8K (arXiv 2110.14168).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from restem.rewards.boxes import MAX_ANSWER, Span, boxed, clean, first_group, joined, last_group

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
_COUNT = re.compile(r"([-+]?\s?\\?\$?\s?[0-9][0-9,]*(?:\.[0-9]+)?%?)(?: +[A-Za-z]+){1,3}\.?")
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
        line = match.group(1).strip()
        count = _COUNT.fullmatch(line)
        if count:
            return clean(count.group(1))
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
    rest = text.lstrip(' \t\r\n:=*"“')  # "**Answer:** 5"
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
    number = _NUMBER.search(bare.rpartition("=")[2])
    return clean(number.group()) if number else bare


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
    """The last number, but none of a line of code."""
    last = None
    for match in _NUMBER.finditer(text):
        last = match
    if last is None:
        return None
    start = text.rfind("\n", 0, last.start()) + 1
    return None if CODE.search(text, start, last.end()) else clean(last.group())


_FALLBACKS = (
    ("####", _hashes),
    ("A:", _a_line),
    ("answer is", _answer_is),
    ("math", _last_math),
    ("line", _last_line),
    ("number", _last_number),
)
