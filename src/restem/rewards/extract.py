r"""Find the final answer in the text of a solution.

Pure string code, one pass per rule, so that 3,000 unclosed boxes cost no more than 3,000 closed
ones. The first rule that applies decides; its name goes into the verdict:

    answer tag     the last <answer>X</answer>; an empty or unclosed one is no answer, and no other
                   rule is tried
    json           the value of "answer" or "final_answer" in an object that ends the text
    final answer   Minerva's "Final Answer: The final answer is X. I hope it is correct.", the
                   FIRST complete one: models run on into a new problem. For the same reason the
                   rules after "boxed" read up to the first "I hope it is correct"
    boxed          the last \boxed{X}; boxes with nothing but commas, "and", "or" or math delimiters
                   between them are one list, equal numbers count once. An unclosed or empty last
                   box is no answer, and no other rule is tried. "\boxed" without braces before a
                   word is a mention and no box
    ####           GSM8K's "#### X" line, the first one that holds a number
    A:             a last line "A: X"
    answer is      the last "answer is X", "Answer: X"
    letter         a last line that is nothing but a choice: C, (C), Option C
    math, line,    the last statement of the last sentence that has one: with a formula in it, a
    number         line of its own, or else (`statements`)

A statement is never a piece of an expression: \sqrt{5} is not 5, "x > 5", "3-4 hours" and "1 in 5"
are not 5 either. Words that make a number another stay with it, and make it wrong: "5 dozen",
"at least 5", "not 5", "5 or 6". "negative 5" is -5. Where no statement can be read whole, there is
no answer: "(at the 5", "is it 5?", "So 5. No, that is wrong." Nor is there one where the number is
denied, a label, or a part of the task or of a condition: "It can't be 5", "See step 5", "We divide
by 5", "If she has 5 pens, she is glad".

Source of the rules: Minerva's prompt (arXiv 2206.14858 appendix D.2), MATH (arXiv 2103.03874),
GSM8K (arXiv 2110.14168).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from restem.rewards.boxes import MAX_ANSWER, Span, boxed, clean, joined
from restem.rewards.calculations import HOLE, result_of
from restem.rewards.hedges import HEDGE, is_free
from restem.rewards.sentences import (
    CODE,
    TEXT,
    WORD,
    first_sentence,
    last_statement,
    masked,
    math_spans,
    plain,
)
from restem.rewards.statements import FORMULAS, MAX_SENTENCE, as_latex, filled, statement

__all__ = ["CODE", "MAX_ANSWER", "Extracted", "clean", "extract", "marked"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """A final answer and how it was found."""

    answer: str
    """As written, but for runs of blanks, delimiters and closing punctuation; "" for an unclosed or
    empty box."""
    rule: str


_DASHES = str.maketrans(dict.fromkeys("﹣－‒˗➖﹘", "−") | dict.fromkeys("\u200b\u2060\ufeff"))
_BLANKS = re.compile(r"\s{2,}")  # patterns here are quadratic in such a run


def extract(text: str) -> Extracted | None:
    """The final answer of a solution and the rule that found it, None if no rule applies."""
    text = text if text.isascii() else text.translate(_DASHES)
    text = _BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", text)
    for rule, look in _MARKS:
        found = look(text)
        if found is not None:
            return Extracted(found, rule)
    text = _CLOSING.split(text, maxsplit=1)[0]  # models run on into a new problem
    for rule, find in _FALLBACKS:
        answer = find(text)
        if answer:
            return Extracted(answer, rule)
    stated = last_statement(text)
    return Extracted(stated[0].answer, stated[1]) if stated else None


def marked(text: str) -> str | None:
    """The answer that a whole solution marks with a tag, a box or a #### line; None without. The
    #### line that ends a solution may hold words."""
    for look in (_tagged, boxed, _hashes):
        found = look(text)
        if found:
            return found
    last = _HASHES.fullmatch(text.rstrip().rpartition("\n")[2])
    return clean(last[1]) if last else None


# ---- tags and JSON

_TAG = re.compile(r"<(/?)(?:final[_-]?)?answer>", re.IGNORECASE)
_DOTS = re.compile(r"[\s.…]*")


def _tagged(text: str) -> str | None:
    """What the last answer tag holds. A tag around dots is talked about, not used."""
    if "answer>" not in text.lower():
        return None
    tags = list(_TAG.finditer(text))
    found = None
    for opening, closing in pairwise(tags):
        content = text[opening.end() : closing.start()]
        if not opening[1] and closing[1] and not (content and _DOTS.fullmatch(content)):
            found = content
    if tags and not tags[-1][1] and "\n" not in text[tags[-1].end() :].strip():
        return ""  # never closed: cut off
    return None if found is None else _value(found)


def _value(content: str) -> str:
    """The answer in a text that is meant to be nothing else."""
    content = content.strip()
    in_box = boxed(content)
    if in_box is not None:
        return in_box
    sentence = first_sentence(content)
    if len(sentence) < len(content.rstrip(" .")) or _ANSWER_IS.search(content):
        inner = extract(content)
        return inner.answer if inner else clean(content)
    return _phrase(content)


_JSON_END = re.compile(r"\}\s*(?:```)?\s*\Z")
_JSON = re.compile(
    r"(?<!\\)[\"'](?:final[_ ]?)?answer[\"']\s*:\s*"
    r"(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|([-+\w.]+))\s*(?=[,}])",
    re.IGNORECASE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(\\|\"|'|/|n(?![a-z]))")


def _json(text: str) -> str | None:
    """The answer of an object at the end of the text, alone or in a fence. Read without a parser:
    models leave the backslashes of LaTeX as they are."""
    if not _JSON_END.search(text[-40:]):
        return None
    found = None
    for match in _JSON.finditer(text):
        found = match
    if found is None or text.find("{", found.end()) >= 0 or text.rfind("{", 0, found.start()) < 0:
        return None
    value = next((group for group in found.groups() if group is not None), "")
    value = _ESCAPED.sub(lambda m: "\n" if m[1] == "n" else m[1], value)
    return _value(value) if value.strip() else ""


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
_SIGN = re.compile(r"(?<![A-Za-z])(?:negative|minus)\s+(?=\\?\$?\d)", re.IGNORECASE)
_ITEM = re.compile(r"\d+[.)]\s+[A-Za-z]")
_VALUED = re.compile(r"[-+−±(]?\s?(?:\\?\$|\\[a-z]|[\d.√π(\[{|€£¥])")
_ANSWER_IS = re.compile(
    r"\b(?:answers?|(?:correct|right|best) (?:option|choice))\b[^.\n:=$\\]{0,40}?"
    r"(?:\b(?:is|are|equals|(?:must|should|would|will) be)\b(?!\s+not\b)|[:=])",
    re.IGNORECASE,
)
_STATED = re.compile(rf".*\b(?:is|are|equals)\b(?! not\b)(.*[\d{HOLE}].*)", re.DOTALL)
_REASON = re.compile(
    r"[,;]?\s+(?:because|since)\b|,\s*(?:not|as)\b"
    r"|\s\((?!(?:mod|base)\b)(?=[^()\d]*[A-Za-z]{3})[^()\d]*\)",
    re.IGNORECASE,
)


_HAS_VALUE = re.compile(r"[\d\\]")


def _hashes(text: str) -> str | None:
    """GSM8K's last line. A Markdown heading ("#### Step 1") is none."""
    for match in _HASHES.finditer(text):
        line = _signed(plain(match.group(1).strip()))
        if len(line) > MAX_SENTENCE or _ITEM.match(line):
            continue
        if HEDGE.match(line.rstrip("0123456789,.$\\")):
            return clean(line)
        if not any(c.isdigit() or c == "\\" for c in line):
            continue
        if not WORD.search(TEXT.sub("", line)):
            return as_latex(clean(line))
        if _VALUED.match(line):
            return _phrase(line)
    return None


def _a_line(text: str) -> str | None:
    last = text.rstrip().rpartition("\n")[2].strip()
    return _phrase(last[2:]) if last.startswith("A:") else None


def _answer_is(text: str) -> str | None:
    end = None
    for match in _ANSWER_IS.finditer(text):
        end = match.end()
    if end is None:
        return None
    answer = _phrase(text[end:])
    rest = text[end:].strip()
    if len(answer.split()) > 4 and not _HAS_VALUE.search(answer) and len(rest) > len(answer) + 20:
        return None  # "Answer: Let us look at it step by step. ..."
    return answer


_BARE_NUMBER = re.compile(r" ?[-−]?\\?\$?\d[\d,]*(?:\.\d+)?\.?\s?")


def _phrase(text: str) -> str:
    """What follows "the answer is": formula, list, number with a noun, or word."""
    if _BARE_NUMBER.fullmatch(text):
        return clean(text)
    return as_latex(_phrased(text))


def _phrased(text: str) -> str:
    rest = _signed(text[: 4 * MAX_SENTENCE].lstrip(' \t\r\n:=*"“'))  # "**Answer:** 5"
    if rest.startswith(("$$", "\\[")):
        spans = math_spans(rest)
        if spans and spans[0][0] == 0:
            return clean(spans[0][2])
    whole = masked(plain(rest))
    sentence = whole.text[: len(first_sentence(whole.text))].strip()
    formulas = whole.formulas[: sentence.count(HOLE)]
    shown = filled(sentence, formulas)
    if CODE.search(shown) or len(sentence) > MAX_SENTENCE:
        return clean(shown)
    return _said(sentence, formulas)


_UNIT = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2}(?![A-Za-z])")  # "5 cm + 2 cm = 7 cm"
_OPTION = re.compile(r"(?:option|choice)\s+\(?([A-Z])\)?", re.IGNORECASE)


def _said(sentence: str, formulas: Sequence[Span]) -> str:
    """The answer in the sentence that states it, its formulas taken out."""
    head = _REASON.split(sentence, maxsplit=1)[0].strip()
    sentence = head or sentence
    formulas = formulas[: sentence.count(HOLE)]
    leading = FORMULAS.match(sentence)
    if leading and is_free(sentence[leading.end() :]):
        return joined(formulas[: leading[0].count(HOLE)])
    if HOLE in sentence and not leading:
        stated = _STATED.match(sentence)  # "The largest $n$ is 34"
        if stated:
            rest = stated[1].strip()
            return _said(_signed(rest), formulas[len(formulas) - rest.count(HOLE) :])
    bare = clean(filled(sentence, formulas))
    if choice := _OPTION.fullmatch(bare):
        return choice[1]
    if not leading and not WORD.search(TEXT.sub("", bare)):
        with_units = "=" in bare and _UNIT.search(bare) is not None
        return (result_of(bare) if with_units else None) or bare
    found = statement(sentence, formulas, first=HOLE not in sentence or leading is not None)
    return found.answer if found else bare


def _signed(text: str) -> str:
    """ "negative 5" at the start is -5."""
    match = _SIGN.match(text)
    return "-" + text[match.end() :] if match else text


# ---- choices

_CHOICE = re.compile(
    r"(?:(?:option|choice|answer)\s+)?(?:\(([A-Z])\)|([A-HJ-Z])\)?)\.?", re.IGNORECASE
)
_IS_RIGHT = re.compile(
    r"(?:.*[\s,])?(?:option |choice )?\(?([A-HJ-Z])\)? is (?:the )?(?:correct|right|best|answer)\b"
    r"(?: (?:answer|option|choice|one))*\.?",
)
_ITEM_LINE = re.compile(r"^\(?[A-J][.):][ \t]+\S.*$", re.MULTILINE)


def _letter(text: str) -> str | None:
    """The choice of a last line that is nothing else: C, Option C, "C is correct", or the only line
    like "C) the spleen"."""
    line = plain(text.rstrip().rpartition("\n")[2]).strip()
    if len(line) > 200:
        return None
    choice = _CHOICE.fullmatch(line) or _IS_RIGHT.fullmatch(line)
    letter = next((group for group in choice.groups() if group), "") if choice else ""
    if letter.isupper():
        return letter
    if _ITEM_LINE.fullmatch(line) and sum(1 for _ in _ITEM_LINE.finditer(text)) < 2:
        return clean(line)
    return None


_MARKS = (("answer tag", _tagged), ("json", _json), ("final answer", _minerva), ("boxed", boxed))
_FALLBACKS = (("####", _hashes), ("A:", _a_line), ("answer is", _answer_is), ("letter", _letter))
