r"""Find the final answer in the text of a solution.

Pure string code, one pass per rule, so that 3,000 unclosed boxes cost no more than 3,000 closed
ones. The first rule that applies decides; its name goes into the verdict:

    final answer   Minerva's "Final Answer: The final answer is X. I hope it is correct.", the
                   FIRST complete one: models run on into a new problem
    boxed          the last \boxed{X}; boxes with nothing but commas, "and", "or" or math delimiters
                   between them are one list. An unclosed or empty last box is no answer, and no
                   other rule is tried
    ####           GSM8K's "#### X" line, the first one that holds a number
    A:             a last line "A: X"
    answer is      the last "answer is X", "Answer: X"
    math           the last $X$, \(X\) or \[X\]
    number         the last number, when nothing else is marked

Source of the rules: Minerva's prompt (arXiv 2206.14858 appendix D.2), MATH (arXiv 2103.03874),
GSM8K (arXiv 2110.14168).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_ANSWER = 2000  # characters; a longer "answer" is a whole text, kept as it was written


@dataclass(frozen=True, slots=True)
class Extracted:
    """A final answer and how it was found."""

    answer: str
    """As written, but for runs of blanks, delimiters and closing punctuation; "" for an unclosed or
    empty box."""
    rule: str


_BLANKS = re.compile(r"\s{2,}")  # patterns here are quadratic in such a run

Span = tuple[int, int, str]
"""Where a marked answer starts and ends in the text, and what it holds."""


def extract(text: str) -> Extracted | None:
    """The final answer of a solution and the rule that found it, None if no rule applies."""
    text = _BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", text)
    boxed = _boxed(text)
    for rule, found in (("final answer", _minerva(text)), ("boxed", boxed)):
        if found is not None:
            return Extracted(found, rule)
    for rule, find in (("####", _hashes), ("A:", _a_line), ("answer is", _answer_is),
                       ("math", _last_math), ("number", _last_number)):  # fmt: skip
        answer = find(text)
        if answer:
            return Extracted(answer, rule)
    return None


# ---- Minerva

_MINERVA = re.compile(r"final answer:?\s*the final answer is:?", re.IGNORECASE)
_CLOSING = re.compile(r"I hope it is correct")


def _minerva(text: str) -> str | None:
    """The first statement that is opened and closed with no other opening in between."""
    openings = [match.end() for match in _MINERVA.finditer(text)]
    if not openings:
        return None
    closings = (match.start() for match in _CLOSING.finditer(text))
    close = next((at for at in closings if at >= openings[0]), None)
    if close is None:
        return None
    content = text[max(at for at in openings if at <= close) : close].strip()
    boxed = _boxed(content)
    return clean(boxed if boxed is not None else _phrase(content))


# ---- boxes

_BRACE = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.DOTALL)
_BARE_BOX = re.compile(r"\\boxed\s*([^\s{}$\\.,]+)")
_JOINT = re.compile(
    r"(?:[\s$,;]|\\[()\[\],; ]|\\q?quad|\\text\s*\{[\s,]*(?:(?:and|or)[\s,]*)?\}|\b(?:and|or)\b)*"
)


def _boxed(text: str) -> str | None:
    r"""What the last boxes hold; "" if the last one is empty or never closed, None without any."""
    if "box" not in text:
        return None
    boxes, unclosed = _boxes(text)
    if unclosed > (boxes[-1][0] if boxes else -1):
        return ""
    if not boxes:
        bare = _BARE_BOX.findall(text)
        return clean(bare[-1]) if bare else None
    return _joined(_last_group(text, boxes))


def _boxes(text: str) -> tuple[list[Span], int]:
    """Outermost closed boxes in order; start of the last box that is never closed, or -1."""
    boxes: list[Span] = []
    open_braces: list[tuple[int, int] | None] = []  # None for a brace that opens no box
    for match in _BRACE.finditer(text):
        token = match.group()
        if token == "{":
            open_braces.append(None)
        elif token == "}" and open_braces:
            box = open_braces.pop()
            if box is not None:
                while boxes and boxes[-1][0] > box[0]:
                    boxes.pop()
                boxes.append((box[0], match.end(), text[box[1] : match.start()]))
        elif len(token) > 2:
            open_braces.append(match.span())
    return boxes, max((box[0] for box in open_braces if box is not None), default=-1)


def _last_group(text: str, spans: Sequence[Span]) -> list[Span]:
    """The last span and those before it with nothing but a joint between them."""
    group = [spans[-1]]
    for span in reversed(spans[:-1]):
        if not _JOINT.fullmatch(text, span[1], group[-1][0]):
            break
        group.append(span)
    return group[::-1]


def _joined(group: Sequence[Span]) -> str:
    """A group as one answer; the same answer twice counts once."""
    return clean(", ".join(dict.fromkeys(clean(content) for _, _, content in group)))


# ---- GSM8K and plain words

_HASHES = re.compile(r"(?<!#)####(?!#)[ \t]*(\S[^\n]*)")
_COUNT = re.compile(r"([-+]?\s?\\?\$?\s?[0-9][0-9,]*(?:\.[0-9]+)?%?)(?: +[A-Za-z]+){1,3}\.?")
_ANSWER_IS = re.compile(
    r"\banswers?\b[^.\n:=$\\]{0,40}?(?:\b(?:is|are)\b(?!\s+not\b)|[:=])", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"\.(?=\s|$)|\n|<\|")
_WORD = re.compile(r"(?<![\\A-Za-z])(?!(?:and|sqrt|sin|cos|tan|cot|sec|csc|log|exp)\b)[A-Za-z]{3,}")
_TEXT = re.compile(r"\\(?:text|mathrm|mbox|textbf)\s*\{[^{}]*\}")
_NUMBER = re.compile(
    r"(?<![\w.])[-−]?\\?\$?[0-9][0-9,]*(?:\.[0-9]+)?(?:/[0-9][0-9,]*)?(?:\s*(?:\\?%|percent\b|pct\b))?"
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
    rest = text.lstrip(" \t\r\n:=*")  # "**Answer:** 5"
    if rest.startswith(("$$", "\\[")):
        spans = math_spans(rest)
        if spans and spans[0][0] == 0:
            return clean(spans[0][2])
    sentence = _SENTENCE_END.split(rest, maxsplit=1)[0].strip()
    spans = math_spans(sentence)
    if spans and spans[0][0] == 0:
        return _joined(_first_group(sentence, spans))
    if spans:
        return clean(spans[-1][2])
    bare = clean(sentence)
    if not _WORD.search(_TEXT.sub("", bare)):
        return bare
    number = _NUMBER.search(bare.rpartition("=")[2])
    return clean(number.group()) if number else bare


def _first_group(text: str, spans: Sequence[Span]) -> list[Span]:
    group = [spans[0]]
    for span in spans[1:]:
        if not _JOINT.fullmatch(text, group[-1][1], span[0]):
            break
        group.append(span)
    return group


# ---- nothing but formulas or numbers

_DELIMITER = re.compile(r"\$\$|\$|\\[()\[\]]|\\.|\n", re.DOTALL)
_PROSE = re.compile(_WORD.pattern + r"|(?<!\\)\b(?:and|or)\b")
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
    spans = math_spans(text)
    return _joined(_last_group(text, spans)) if spans else None


def _last_number(text: str) -> str | None:
    last = None
    for match in _NUMBER.finditer(text):
        last = match.group()
    return clean(last) if last else None


# ---- cleaning

_WRAPPERS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"))
_EDGES = ("**", "\\,", "\\;", "\\:", "\\!", "\\ ", "\\quad", "\\qquad", "\\\\")


def clean(answer: str) -> str:
    """An answer without outer blanks, delimiters, box, bold marks and closing punctuation."""
    if len(answer) > MAX_ANSWER:
        return answer
    while True:
        shorter = _unwrap(answer.strip().lstrip(",;:").rstrip(".,;:").strip())
        for edge in _EDGES:
            shorter = shorter.removeprefix(edge).removesuffix(edge)
        if shorter.endswith("\\"):
            shorter = shorter[:-1]
        if shorter == answer:
            return answer
        answer = shorter


def _unwrap(answer: str) -> str:
    for left, right in _WRAPPERS:
        inner = answer[len(left) : -len(right)]
        if answer.startswith(left) and answer.endswith(right) and inner.strip("$"):
            bare = inner.replace("\\$", "")
            if left[-1] not in bare and (left != "\\(" or "\\)" not in bare):
                return inner
    match = _BRACE.match(answer)
    if match and len(match.group()) > 2 and answer.endswith("}"):
        boxes, _ = _boxes(answer)
        if len(boxes) == 1 and boxes[0][1] == len(answer):
            return boxes[0][2]
    return answer
