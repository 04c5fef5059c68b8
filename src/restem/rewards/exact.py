r"""Decide whether two answers are equal where that needs no algebra: true, false, or undecided
(None).

What equal means here is a choice; these are ours (each has a row in
tests/unit/rewards/test_exact.py):

- Integers and terminating decimals compare exactly, however long. A decimal stands for a repeating
  fraction only with 7 or more significant digits, correct to its last one.
- 10% equals 10 (MATH writes both) and 0.1; 75 is not 0.75.
- a b/c is a mixed number. A power ("2^4") equals its value. An answer that leaves a sum, product
  or chain of quotients of numbers to the reader ("12+7*4", "3\cdot4") is not finished and equals
  nothing but the same text: the question's own expression must not earn the reward. A gold may.
- Lists without brackets, and \{ \}, are unordered sets. Tuples and intervals are ordered, and their
  brackets matter: (0,9) is not [0,9), (1,2) is not "1,2".
- "x = 2" equals "2": a leading name is dropped. Of any other equation every side must equal the
  answer: "3+4 = 7" equals 7, "7 = 11a+c" does not equal "11a+c", "x = 2" does not equal "y = 2".
  Arithmetic may stand before a last side that is a number: "7 = 3+4" equals nothing.
- In base n, the digits must be equal and the base equal or left out by the prediction.
- Words compare without case, and equal no number.
- Trailing units are dropped; two different measures ("5 cm", "5 m") are different answers.
- An empty answer equals nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from restem.rewards.extract import MAX_ANSWER
from restem.rewards.literal import arithmetic, is_malformed, is_unfinished, literal, same_number
from restem.rewards.normal import normalise, split_top

Decision = bool | None
Rule = Callable[[str, str], Decision]


def decide(answer: str, gold: str) -> Decision:
    """Whether `answer` equals `gold`; None if that takes algebra. Not symmetric: names, bases."""
    if len(answer) > MAX_ANSWER or len(gold) > MAX_ANSWER:
        return bool(answer) and answer == gold
    ours, theirs = normalise(answer), normalise(gold)
    if not ours.text or not theirs.text:
        return False
    if ours.unit and theirs.unit and ours.unit != theirs.unit:
        return False
    return decide_normal(ours.text, theirs.text)


def decide_normal(answer: str, gold: str) -> Decision:
    """`decide` for texts in normal form."""
    return _decide(answer, gold, _ANSWERS)


def _decide(answer: str, gold: str, rules: Sequence[Rule]) -> Decision:
    if answer == gold:
        return True
    for rule in rules:
        decision = rule(answer, gold)
        if decision is not None:
            return decision
    return None


def _all(decisions: Iterable[Decision]) -> Decision:
    """True if all are, False if one is False, else undecided."""
    outcome: Decision = True
    for decision in decisions:
        if decision is False:
            return False
        if decision is None:
            outcome = None
    return outcome


def _any(decisions: Iterable[Decision]) -> Decision:
    outcome: Decision = False
    for decision in decisions:
        if decision:
            return True
        if decision is None:
            outcome = None
    return outcome


# ---- equations

_LETTERS = r"[A-Za-z](?:,[A-Za-z])+"
_NAME = re.compile(
    r"(?:m?\\(?:angle|overline|vec|triangle|arc|widehat)\{?[A-Z]{1,4}\}?"
    r"|\\text\{[A-Za-z ]+\}|[A-DF-Z]{2,3}"
    r"|(?![ei](?:$|[_^]))[A-Za-z]|\\(?:alpha|beta|gamma|delta|epsilon|theta|lambda|mu|phi|psi|omega|rho|sigma|tau|ell)"
    r"|[Pp]\([^()]*\))"
    rf"(?:_(?:\{{\w+\}}|\w))?(?:\^(?:\{{-1\}}|-1))?'*(?:\((?:{_LETTERS}|[A-Za-z])\))?|\({_LETTERS}\)"
)  # fmt: skip
_EQUALS = re.compile(r"(?<![<>!\\])=|\\in(?![a-zA-Z])")


def is_name(text: str) -> bool:
    r"""What may stand before the = of an answer: x, x_1, f(x), f^{-1}(x), (x,y), AB, P(A)."""
    return _NAME.fullmatch(text.replace(" ", "")) is not None


def sides(text: str) -> list[str]:
    """The sides of an equation, split at = outside of brackets; [text] if there is none."""
    marked = _EQUALS.sub(lambda match: "\0" + match.group(), text)
    parts = split_top(marked, "\0") or [text]
    first, *others = (part.replace("\0", "").strip() for part in parts)
    return [first, *(_EQUALS.sub("", other, count=1).strip() for other in others)]


def without_name(parts: list[str]) -> list[str]:
    """The sides of an equation but for a leading name."""
    return parts[1:] if len(parts) > 1 and is_name(parts[0]) else parts


def _equations(answer: str, gold: str) -> Decision:
    ours, theirs = sides(answer), sides(gold)
    if len(ours) == len(theirs) == 1:
        return None
    if len(ours) > 1 and len(theirs) > 1:
        return _two_equations(ours, theirs)
    if len(theirs) > 1:
        named = len(theirs) == 2 and is_name(theirs[0])
        return decide_normal(answer, theirs[1]) if named else False
    *workings, result = without_name(ours)
    rules = _WORKINGS if literal(result) else _ANSWERS
    return _all([*(_decide(side, gold, rules) for side in workings), decide_normal(result, gold)])


def _two_equations(ours: list[str], theirs: list[str]) -> Decision:
    """Same name: same value. Two single letters: different things. Else it takes algebra."""
    if ours[0] == theirs[0] and is_name(ours[0]):
        return _all(decide_normal(side, theirs[-1]) for side in ours[1:])
    letters = is_name(ours[0]) and is_name(theirs[0]) and len(ours[0]) == len(theirs[0]) == 1
    return False if letters and len(ours) == len(theirs) == 2 else None


# ---- lists, sets, tuples, intervals

_BRACKETS = (("\\{", "\\}"), ("(", ")"), ("(", "]"), ("[", ")"), ("[", "]"),
             ("\\langle", "\\rangle"))  # fmt: skip
_MAX_PARTS = 64
UNORDERED = ("list", "set")


def shape(text: str) -> tuple[str, list[str]]:
    """Kind (scalar, list, set, or the two brackets of a tuple or interval) and parts."""
    for left, right in _BRACKETS:
        if text.startswith(left) and text.endswith(right) and len(text) > len(left) + len(right):
            parts = split_top(text[len(left) : -len(right)])
            if parts and (len(parts) > 1 or left == "\\{"):
                return ("set" if left == "\\{" else left + right), parts
    parts = split_top(text)
    return ("list", parts) if parts and len(parts) > 1 else ("scalar", [text])


def _lists(answer: str, gold: str) -> Decision:
    kind, ours = shape(answer)
    gold_kind, theirs = shape(gold)
    if kind == gold_kind == "scalar" or max(len(ours), len(theirs)) > _MAX_PARTS:
        return None
    if "scalar" in (kind, gold_kind):
        many = max(len(ours), len(theirs)) > 1
        number = literal(answer if kind == "scalar" else gold)
        return False if many and number is not None else None
    if (kind in UNORDERED) != (gold_kind in UNORDERED):
        return False
    if kind not in UNORDERED:
        if kind != gold_kind or len(ours) != len(theirs):
            return False
        return _all(decide_normal(a, b) for a, b in zip(ours, theirs, strict=True))
    if _named(ours) != _named(theirs) and len(ours) == len(theirs):
        return _all(decide_normal(a, b) for a, b in zip(ours, theirs, strict=True))
    return _same_sets(ours, theirs)


def _named(parts: Sequence[str]) -> bool:
    """x=2,y=3: each part has a name of its own, so that order matters against bare values."""
    equations = [sides(part) for part in parts]
    names = {equation[0] for equation in equations if len(equation) == 2}
    return len(names) == len(parts) and all(map(is_name, names))


def _same_sets(ours: Sequence[str], theirs: Sequence[str]) -> Decision:
    """Every member of one has an equal in the other."""
    table = [[decide_normal(a, b) for b in theirs] for a in ours]
    return _all([*map(_any, table), *map(_any, zip(*table, strict=True))])


# ---- numbers and words


def _unfinished(answer: str, gold: str) -> Decision:
    """False for arithmetic that is left undone, and for digits of other scripts."""
    foreign = any(char.isdecimal() and not char.isascii() for char in answer + gold)
    return False if foreign or is_unfinished(answer) else None


_BASE = re.compile(r"(-?[0-9A-F]+)_\{?(?:\\text\{)?(\d{1,2}|[a-z]+)\}*", re.ASCII)
_DIGITS = "0123456789ABCDEF"
_SPELLED = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip


def _in_base(text: str) -> tuple[str, int] | None:
    """Digits and base of a numeral with a subscript, e.g. 506_7."""
    match = _BASE.fullmatch(text)
    if match is None:
        return None
    base = _SPELLED.get(match.group(2)) or (int(match.group(2)) if match.group(2).isdigit() else 0)
    digits = match.group(1).lstrip("-")
    if not 2 <= base <= 16 or any(_DIGITS.index(digit) >= base for digit in digits):
        return None
    return match.group(1).lstrip("0") or "0", base


def _bases(answer: str, gold: str) -> Decision:
    ours, theirs = _in_base(answer), _in_base(gold)
    if ours is None and theirs is None:
        return None
    if ours is None and theirs is not None:
        return answer.lstrip("0") == theirs[0] if re.fullmatch(r"-?[0-9A-F]+", answer) else False
    if theirs is None and ours is not None:
        return decide_normal(ours[0], gold) if ours[1] == 10 else False
    return ours == theirs


DIGITS_APART = re.compile(r"(?<![_^\d.])[\d.]+ \d", re.ASCII)  # "1 2" is neither 12 nor 2


def _numbers(answer: str, gold: str) -> Decision:
    ours, theirs = literal(answer), literal(gold)
    if ours is not None and theirs is not None:
        return same_number(ours, theirs)
    if any(DIGITS_APART.search(text) or is_malformed(text) for text in (answer, gold)):
        return False
    ours, theirs = ours or arithmetic(answer), theirs or arithmetic(gold)
    if ours is not None and theirs is not None:
        return same_number(ours, theirs)
    return None


_NUMBER_WORDS = ("pi", "infinity", "inf", "oo", "infty")


def _words(answer: str, gold: str) -> Decision:
    if answer.isalpha() and gold.isalpha() and answer.isascii() and gold.isascii():
        if answer.casefold() == gold.casefold():
            return True if max(len(answer), len(gold)) > 2 else None
        return False if min(len(answer), len(gold)) > 2 or len(answer) == len(gold) == 1 else None
    for word, other in ((answer, gold), (gold, answer)):
        wordy = word.isascii() and word.isalpha()
        if wordy and word.lower() not in _NUMBER_WORDS and literal(other) is not None:
            return False
    return None


_WORKINGS: tuple[Rule, ...] = (_lists, _equations, _bases, _numbers, _words)
_ANSWERS: tuple[Rule, ...] = (_lists, _equations, _unfinished, _bases, _numbers, _words)
