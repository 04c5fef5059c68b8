r"""Decide whether two answers are equal: true, false, or undecided (None) where that takes algebra.

What equal means here is a choice; these are ours, each with its reason and its table of right and
wrong rows in tests/unit/rewards (test_exact, test_policies, test_forms):

Numbers
- Integers and terminating decimals compare exactly, however long. A decimal stands for a repeating
  fraction only with 7 or more significant digits, correct to its last one. 0.\overline{3},
  0.\dot{3} and 0.(3) are 1/3.
- 10% equals 10 (MATH writes both) and 0.1. An integer beside a percentage is read as so many
  percent, never as a share, for it cannot be both: 1 is 1% and not 100%. 75 is not 0.75.
- a b/c is a mixed number. Thousands may be parted by commas or thin blanks. "5th" is 5.
- 4{,}2 is 4.2, for no one braces a comma between two answers; 4{,}200 is 4200, as MATH writes it;
  "4,2" is a list. 1.234{,}5 is neither.
- A gold that is a number wants a number. A fraction, a power, or one root, factorial, binomial or
  other function of numbers is one; a sum, a product, a chain of quotients or a variable is not,
  and earns nothing, for the question's own expression must not: "12+7*4", "3\cdot4",
  "\sqrt{1}40", "40+0x".
  A gold that is arithmetic itself may be answered with its value or with the same numbers.
- "\frac{1}{3}\approx 0.33" answers \frac{1}{3}; "x\approx 5" and "\approx 5" answer 5, for the sign
  says how it was found; "2\approx 3" nothing.
- Rational numbers compare exactly, however large; other constants to 80 digits more than the
  numbers in them have. 1:2:3 equals 2:4:6; 3:4 is 3/4, too; "3 to 4" is 3:4.
- An odd root of a negative number is real: \sqrt[3]{-8} is -2, as in school. (-8)^{1/3} is not read
  so: as a power it has a principal value.
- In base n, the digits must be equal and the base equal or left out by the prediction. Digits over
  9 may be small letters. Other letters before digits are a code, "A1B2": equal as a whole or not,
  for algebra would take it for B2A1.
- Residues need their modulus (`congruences`).
- Mathematical characters are spellings of ASCII (`unicode`), full-width digits too. Digits of other
  scripts, circled and Roman numerals equal only themselves.
Several values
- Lists without brackets, \{ \}, "a or b", \vee and \pm are unordered sets; "5, 5" is 5. Tuples and
  intervals are ordered, and their brackets matter: (0,9) is not [0,9), (1,2) is not "1,2". Both
  values of \pm must be there.
- 1 \le x < 2 equals [1,2); unions of intervals are unordered. "or" is a union; so are "and" and a
  comma where nothing overlaps ("x<1 and x>5"). "x>1 and x<2" equals (1,2), "x>1, x<2" only itself.
- |x-a|<b is the interval around a, |x-a|>b what lies outside. Inequalities in several unknowns may
  be multiplied: 2x+2y<10 is x+y<5. In one unknown they must be solved, for 2x<6 is a question.
- "k \in \mathbb{Z}" beside a family of values may be left out; another set may not.
- "No solution" is \emptyset, "all real numbers" is (-\infty,\infty).
- Matrices compare cell by cell. Aligned lines are a list; a line that starts with = goes on.
Equations
- "x = 2" equals "2": names (`names`) on either side are dropped, also several ("a = b = 6"), and so
  is a sum, product or quotient of different unknowns in an answer ("m+n = 278"), the usual thing
  asked for. No name is an unknown inside an operation: "1/x = 5", "3x = 15", "|x| = 5" answer
  nothing, for x is another number. "x = 2" is not "y = 2".
- Of any other equation every side must equal the answer: "3+4 = 7" equals 7, "3+4 = 8" and
  "7 = 11a+c" nothing. Arithmetic may stand before a last side that is a number: "7 = 3+4" equals
  nothing. A formula between name and value is passed over ("A = bh = 12"): the question decides it.
- \sum, \int, \lim, \gcd and the like before = restate the question; where numbers tell that it is
  not so (\gcd(12,18) = 5) the answer is wrong.
- "2x=6 \implies x=3" is 3, what stands after the last arrow, unless that contradicts "2x=6".
Words and units
- Words compare without case, and equal no number. Words that lead up to an answer go ("The answer
  is", "Option"), but not those that change it ("not", "half of").
- "C. x = 42" is the choice C, and not "C. x = 43"; letters go to J. "A and C" is A, C.
- Trailing units and currency signs are dropped; two different ones ("5 cm", "5 m", "5 cm^2", "$5",
  "€5") are different answers, and nothing is converted but measures in two units: 2 hours 30
  minutes is 150 minutes, and not 150. A bare letter that may be a variable is no unit ("5m",
  "6+9c"); one in \text{...}, in braces ("5{g}") or with a power ("5 m^2") is.
- 8:34 p.m. is 20:34.
- Fonts, colours, boxes and tags go (`wrappers`); \cancel and \phantom stay and equal nothing.
- An empty answer equals nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from restem.rewards.boxes import MAX_ANSWER
from restem.rewards.compound import MARK, same_compound
from restem.rewards.congruences import same_residues
from restem.rewards.intervals import CONNECTIVE, Interval, expanded, region
from restem.rewards.literal import literal, same_number
from restem.rewards.names import (
    core,
    has_variable,
    is_combination,
    is_name,
    sides,
    without_name,
)
from restem.rewards.normal import normalise, split_top
from restem.rewards.numerals import computed
from restem.rewards.scalars import SCALARS, Compare, Decision, Rule, literals, unfinished

Part = TypeVar("Part")


def undecided(answer: str, gold: str) -> Decision:
    """What is left to algebra, without algebra."""
    return None


def decide(answer: str, gold: str, leaf: Compare = undecided) -> Decision:
    """Whether `answer` equals `gold`. `leaf` is asked about the parts no rule decides. Not
    symmetric: names, bases, arithmetic."""
    if len(answer) > MAX_ANSWER or len(gold) > MAX_ANSWER:
        return bool(answer) and answer == gold
    if answer == gold and normalise(answer).text:
        return True
    chosen = _choices(answer, gold, leaf)
    if chosen is not None:
        return chosen
    ours, theirs = normalise(answer), normalise(gold)
    if not ours.text or not theirs.text:
        return False
    if ours.text.startswith(MARK):
        return same_compound(ours.text, theirs.text, theirs.unit)
    if theirs.text.startswith(MARK):
        return same_compound(theirs.text, ours.text, ours.unit)
    if ours.domain != theirs.domain and {ours.domain, theirs.domain} != {"", "Z"}:
        return False
    units = {ours.unit, theirs.unit} - {""}
    if len(units) > 1 and units not in _SAME_UNITS:
        return False
    return decide_normal(ours.text, theirs.text, leaf)


_CHOICE = re.compile(
    r"\s*(?:\\(?:text|textbf|textrm|mathrm|mathbf|boldsymbol)\s*\{\s*)?\(?\s*([A-J])\s*"
    r"(?:\)\s+\}|\)\}(?=[\s~]|\\[ ,;:])|[.:)](?=[\s~]|\\[ ,;:]))(?:[\s~]|\\[ ,;:])*([^\s~].*)"
)


def _choices(answer: str, gold: str, leaf: Compare) -> Decision:
    """(B) 12 is the choice B, but not (B) 13."""
    ours, theirs = (_choice(text) for text in (answer, gold))
    if ours and theirs:
        return ours[1] == theirs[1] and decide(ours[2], theirs[2], leaf)
    for choice, other in ((ours, gold), (theirs, answer)):
        if choice and _LETTER.fullmatch(normalise(other).text):
            return choice[1] == normalise(other).text
    return None


def _choice(text: str) -> re.Match[str] | None:
    """Letter and text of "(B) 12"; "(A) and (C)" is two letters."""
    match = _CHOICE.fullmatch(text)
    return None if match and (_MORE.match(match[2]) or _OTHER.search(match[2])) else match


_OTHER = re.compile(r"\b(?:or|and)\b[\s}]*\(?[A-J](?![A-Za-z])", re.IGNORECASE)
_MORE = re.compile(r"(?:\\text\s*\{\s*)?(?:(?:and|or)\b|[,&]|\\&)", re.IGNORECASE)
_SAME_UNITS = ({"degree", "celsius"}, {"degree", "fahrenheit"})
_LETTER = re.compile("[A-J]")


def decide_normal(answer: str, gold: str, leaf: Compare = undecided) -> Decision:
    """`decide` for texts in normal form."""
    return _decide(answer, gold, leaf, _ANSWERS)


def _decide(answer: str, gold: str, leaf: Compare, rules: Sequence[Rule]) -> Decision:
    if answer == gold:
        return True
    for rule in rules:
        decision = rule(answer, gold, leaf)
        if decision is not None:
            return decision
    return leaf(answer, gold)


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


def _equations(answer: str, gold: str, leaf: Compare) -> Decision:
    ours, theirs = sides(answer), sides(gold)
    if len(ours) == len(theirs) == 1:
        return None
    if len(ours) > 1 and len(theirs) > 1:
        return _two_equations(ours, theirs, leaf)
    if len(theirs) > 1:
        value = _stated(theirs)
        return False if value is None else decide_normal(answer, value, leaf)
    return _chain(ours, gold, leaf)


def _chain(parts: list[str], gold: str, leaf: Compare) -> Decision:
    """The last side is the answer, and every working before it must equal it. Names go; so does a
    formula between the name and the value ("A = \\pi r^2 = 9\\pi"), which only the question can
    tell from a wrong one."""
    *workings, result = without_name(parts)
    values = [computed(name) for name in parts[: -len(workings) - 1]]
    number = literal(result)
    if number and any(value is not None and value != number.value for value in values):
        return False
    if (len(workings) + 1 < len(parts) or is_combination(parts[0])) and not has_variable(result):
        workings = [side for side in workings if not has_variable(side)]
    if literal(gold) is not None and any(map(has_variable, workings)):
        return False  # 3x = 15
    rules = _WORKINGS if literal(result) else _ANSWERS
    decisions = [_decide(side, gold, leaf, rules) for side in workings]
    return _all([*decisions, decide_normal(result, gold, leaf)])


def _stated(parts: list[str]) -> str | None:
    """The answer of a gold: what stands behind names, or a number behind its own arithmetic."""
    *workings, result = without_name(parts)
    if workings and len(parts) > 2 and is_combination(parts[0]):
        del workings[0]
    done = literal(result) is not None and not any(map(has_variable, workings))
    return result if not workings or done else None


_A_LETTER = re.compile(r"[A-Za-z]")


def _two_equations(ours: list[str], theirs: list[str], leaf: Compare) -> Decision:
    """Same name: same value. Two names: different things. Else it takes algebra."""
    if core(ours[0]) == core(theirs[0]) and (is_name(ours[0]) or is_combination(ours[0])):
        value = _stated(theirs) or theirs[-1]
        return _chain(ours, value, leaf)
    if not any(_A_LETTER.search(side) for side in (*ours, *theirs)) and _stated(theirs):
        return _chain(ours, theirs[-1], leaf)  # 3+4 = 7 and 2+5 = 7, but not 1 = 2
    named = is_name(ours[0]) and is_name(theirs[0])
    segment = sorted(ours[0]) == sorted(theirs[0]) and ours[0].isalpha()  # AB, BA
    return False if named and not segment and len(ours) == len(theirs) == 2 else None


# ---- lists, sets, tuples, intervals, matrices

_BRACKETS = (("\\{", "\\}"), ("(", ")"), ("(", "]"), ("[", ")"), ("[", "]"),
             ("\\langle", "\\rangle"))  # fmt: skip
_CASES = ("\\begin{cases}", "\\end{cases}")
_MATRIX = ("\\begin{pmatrix}", "\\end{pmatrix}")
_MAX_PARTS = 64
UNORDERED = ("list", "set")


def shape(text: str) -> tuple[str, list[str]]:
    """Kind (scalar, list, set, or the two brackets of a tuple or interval) and parts."""
    if text[-1:] in (")", "]", "}", "e"):
        for left, right in _BRACKETS:
            inner = _between(text, left, right)
            parts = split_top(inner) if inner else None
            if parts and (len(parts) > 1 or left == "\\{"):
                return ("set", _spread(parts)) if left == "\\{" else (left + right, parts)
    cases = _between(text, *_CASES)
    if cases and "&" not in cases:
        return "list", [part.rstrip(",") for part in cases.split("\\\\")]
    parts = _spread(split_top(text) or [text])
    return ("list", parts) if len(parts) > 1 else ("scalar", [text])


def _between(text: str, left: str, right: str) -> str:
    if text.startswith(left) and text.endswith(right):
        return text[len(left) : -len(right)]
    return ""


def _spread(parts: Iterable[str]) -> list[str]:
    return [value for part in parts for value in expanded(part)]


def _lists(answer: str, gold: str, leaf: Compare) -> Decision:
    kind, ours = shape(answer)
    gold_kind, theirs = shape(gold)
    if kind == gold_kind == "scalar" or max(len(ours), len(theirs)) > _MAX_PARTS:
        return None
    if "scalar" in (kind, gold_kind):
        many = max(len(ours), len(theirs)) > 1
        number = literal(answer if kind == "scalar" else gold)
        if not many or number is None:
            return None
        values = [literal(part) for part in (theirs if kind == "scalar" else ours)]
        return "list" in (kind, gold_kind) and all(v and same_number(v, number) for v in values)
    if (kind in UNORDERED) != (gold_kind in UNORDERED):
        return False
    if kind not in UNORDERED:
        return _in_order(ours, theirs, leaf) if kind == gold_kind else False
    if _named(ours) != _named(theirs) and len(ours) == len(theirs):
        return _in_order(ours, theirs, leaf)
    return _same_sets(ours, theirs, lambda a, b: decide_normal(a, b, leaf))


def _in_order(ours: Sequence[str], theirs: Sequence[str], leaf: Compare) -> Decision:
    if len(ours) != len(theirs):
        return False
    return _all(decide_normal(a, b, leaf) for a, b in zip(ours, theirs, strict=True))


def _named(parts: Sequence[str]) -> bool:
    """x=2,y=3: each part has a name of its own, so that order matters against bare values."""
    equations = [sides(part) for part in parts]
    names = {equation[0] for equation in equations if len(equation) == 2}
    return len(names) == len(parts) and all(map(is_name, names))


def _same_sets(
    ours: Sequence[Part], theirs: Sequence[Part], same: Callable[[Part, Part], Decision]
) -> Decision:
    """Every member of one has an equal in the other."""
    table = [[same(a, b) for b in theirs] for a in ours]
    return _all([*map(_any, table), *map(_any, zip(*table, strict=True))])


def _matrices(answer: str, gold: str, leaf: Compare) -> Decision:
    ours, theirs = (_between(text, *_MATRIX) for text in (answer, gold))
    if not ours or not theirs or "\\begin" in ours + theirs:
        return None
    rows, gold_rows = ([row.split("&") for row in m.split("\\\\")] for m in (ours, theirs))
    if len(rows) != len(gold_rows):
        return False
    return _all(_in_order(a, b, leaf) for a, b in zip(rows, gold_rows, strict=True))


_RELATION = re.compile(r"[<>]|\\(?:[lgn]e|cup)(?![a-z])")


def _regions(answer: str, gold: str, leaf: Compare) -> Decision:
    r"""Unions of intervals and inequalities; what is one pair of brackets on both sides is not
    for here: it may be a tuple."""
    if _RELATION.search(answer) is None and _RELATION.search(gold) is None:
        return None
    ours, theirs = region(answer), region(gold)
    if ours is None or theirs is None:
        return _listed(answer, gold, leaf)
    if ours.joint != theirs.joint:
        return False
    if ours.variable and theirs.variable and ours.variable != theirs.variable:
        mixed = ours.variable in gold and theirs.variable in answer  # x<y, y>x
        return None if mixed else False
    if len(ours.intervals) != len(theirs.intervals):
        return None
    return _same_sets(ours.intervals, theirs.intervals, lambda a, b: _interval(a, b, leaf))


def _listed(answer: str, gold: str, leaf: Compare) -> Decision:
    """An "and" or "or" between what is no region only parts it, but they are different words."""
    words = [set(CONNECTIVE.findall(text)) for text in (answer, gold)]
    if not any(words):
        return None
    if all(words) and words[0] != words[1]:
        return False
    return decide_normal(CONNECTIVE.sub(",", answer), CONNECTIVE.sub(",", gold), leaf)


def _interval(ours: Interval, theirs: Interval, leaf: Compare) -> Decision:
    if (ours.left, ours.right) != (theirs.left, theirs.right):
        return False
    return _in_order((ours.low, ours.high), (theirs.low, theirs.high), leaf)


def _residues(answer: str, gold: str, leaf: Compare) -> Decision:
    return same_residues(answer, gold) if "mod" in answer or "mod" in gold else None


_STRUCTURE: tuple[Rule, ...] = (literals, _residues, _regions, _matrices, _lists, _equations)
_WORKINGS = (*_STRUCTURE, *SCALARS)
_ANSWERS = (*_STRUCTURE, unfinished, *SCALARS)
