r"""Boxed answers, and answers without what stands around them: delimiters, bold marks, closing
punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from restem.rewards.literal import Literal, literal, same_number
from restem.rewards.normal import normalise
from restem.rewards.numerals import roughly

MAX_ANSWER = 2000  # characters; a longer "answer" is a whole text, kept as it was written

Span = tuple[int, int, str]
"""Where a marked answer starts and ends in the text, and what it holds."""


# ---- boxes

_BRACE = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.DOTALL)
_BARE_BOX = re.compile(r"\\boxed\s*([^\s{}$\\.,]+)")
_PLAIN_WORD = re.compile(r"[\W_]*[A-Za-z]{2,}.*|\W+")  # "\boxed and stop" is a mention
_JOINT = re.compile(
    r"(?:[\s$,;]|\\[()\[\],; ]|\\q?quad|\\text\s*\{[\s,]*(?:(?:and|or)[\s,]*)?\}|\b(?:and|or)\b)*"
)


def boxed(text: str) -> str | None:
    r"""What the last boxes hold; "" if the last one is empty or never closed, None without any."""
    if "box" not in text:
        return None
    boxes, unclosed = _boxes(text)
    boxes = _used(text, boxes)
    if unclosed > (boxes[-1][0] if boxes else -1):
        return ""
    if not boxes:
        bare = [found for found in _BARE_BOX.findall(text) if not _PLAIN_WORD.fullmatch(found)]
        return clean(bare[-1]) if bare else None
    return joined(last_group(text, boxes))


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


_NO_CONTENT = re.compile(
    r"[\s.…?]*|\\[lc]?dots|(?:\\text\{)?(?:(?:your|the|final) )*answer(?: here)?\}?", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.!?\n]")


def _used(text: str, boxes: list[Span]) -> list[Span]:
    """The boxes without those that the text only talks about: "I put it in \\boxed{}. So 3 + 4 ..."
    An empty box that the last sentence holds is an empty answer."""
    if not any(_NO_CONTENT.fullmatch(content) for _, _, content in boxes):
        return boxes
    last = max((match.end() for match in re.finditer(r"\w", text[-2000:])), default=0)
    last += max(len(text) - 2000, 0)
    kept = []
    for box in boxes:
        end = _SENTENCE_END.search(text, box[1])
        goes_on = end is not None and end.end() < last
        quoted = text[box[1] : box[1] + 1] in ("`", '"', "'")
        if not (_NO_CONTENT.fullmatch(box[2]) and (goes_on or quoted)):
            kept.append(box)
    return kept


def last_group(text: str, spans: Sequence[Span]) -> list[Span]:
    """The last span and those before it with nothing but a joint between them."""
    group = [spans[-1]]
    for span in reversed(spans[:-1]):
        if not _JOINT.fullmatch(text, span[1], group[-1][0]):
            break
        group.append(span)
    return group[::-1]


def first_group(text: str, spans: Sequence[Span]) -> list[Span]:
    """The first span and those after it with nothing but a joint between them."""
    group = [spans[0]]
    for span in spans[1:]:
        if not _JOINT.fullmatch(text, group[-1][1], span[0]):
            break
        group.append(span)
    return group


def joined(group: Sequence[Span]) -> str:
    """A group as one answer; the same answer twice counts once, and so does the same number."""
    answers = list(dict.fromkeys(clean(content) for _, _, content in group))
    if len(answers) == 1:
        return answers[0]
    kept: list[tuple[str, Literal | None, Fraction | None]] = []
    for answer in answers:
        text = normalise(answer).text if len(answer) <= MAX_ANSWER else ""
        number, value = literal(text), roughly(text)
        if not any(_same(number, value, *known[1:]) for known in kept):
            kept.append((answer, number, value))
    return clean(", ".join(answer for answer, _, _ in kept))


def _same(
    one: Literal | None, value: Fraction | None, other: Literal | None, others: Fraction | None
) -> bool:
    """Whether two numbers are one: 1/2 and 0.5, or roots that agree to 10 digits."""
    if one is not None and other is not None:
        return same_number(one, other)
    if value is not None and value == others:
        return True  # 2^3 and 8
    if one is not None or other is not None or value is None or others is None:
        return False
    return abs(value - others) * 10**10 <= abs(value)


# ---- cleaning

_WRAPPERS = (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"))
_EDGES = ("**", "\\,", "\\;", "\\:", "\\!", "\\ ", "\\quad", "\\qquad", "\\\\")


def clean(answer: str) -> str:
    """An answer without outer blanks, delimiters, box, bold marks and closing punctuation."""
    if len(answer) > MAX_ANSWER:
        return answer
    while True:
        shorter = answer.strip().lstrip(",;:").rstrip(",;: ")
        if not shorter.endswith(".."):  # an ellipsis goes on
            shorter = shorter.rstrip(".")
        shorter = _unwrap(shorter.strip().strip("“”"))
        if len(shorter) > 2 and shorter[0] == shorter[-1] and shorter[0] in "'\"":
            shorter = shorter[1:-1]
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
            if left[-1:] not in bare if "$" in left else left not in bare and right not in bare:
                return inner
    match = _BRACE.match(answer)
    if match and len(match.group()) > 2 and answer.endswith("}"):
        boxes, _ = _boxes(answer)
        if len(boxes) == 1 and boxes[0][1] == len(answer):
            return boxes[0][2]
    return answer
