r"""Residues: "x \equiv 2 \pmod{9}", "(\bmod\ 9)", "2 (mod 9)" compare by residue and modulus.

- The modulus must be there and the same; 11 and 2 are one residue modulo 9. Several residues are a
  set, as are the values of \pm.
- A name before \equiv may be left out, as before =. Two different ones are different answers.
- A bare number equals a residue without a variable, "3^5 \equiv 5 \pmod 7" or "5 \pmod 7", if it
  is the residue itself: "x \equiv 5 \pmod 7" says more than 5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from restem.rewards.literal import Literal, arithmetic, literal
from restem.rewards.names import is_name
from restem.rewards.normal import split_top

_MOD = re.compile(
    r"\(?\s*(?:\\[bp]?mod(?![a-zA-Z])|\\text\{\s*\(?\s*mod(?:ulo)?\s*\}|(?<![a-zA-Z\\])mod(?:ulo)?(?![a-zA-Z]))"
    r"\s*(?:\{([^{}]+)\}|([^{}()]+))\s*\)?$"
)


@dataclass(frozen=True, slots=True)
class Congruence:
    """What stands before \\equiv, the residues, the modulus, as they are written."""

    name: str
    residues: tuple[str, ...]
    modulus: str


def congruence(text: str) -> Congruence | None:
    """The residues a text in normal form names, None if it names none."""
    match = _MOD.search(text) if "mod" in text else None
    if match is None or not (kept := text[: match.start()].rstrip(" ,\\")):
        return None
    *names, values = re.split(r"\\equiv(?![a-zA-Z])|(?<![<>!])=", kept)
    parts = split_top(values.strip())
    if parts is None or len(names) > 1:
        return None
    residues = tuple(value for part in parts for value in _signed(part.strip()))
    return Congruence("".join(names).strip(), residues, (match[1] or match[2]).strip())


def _signed(part: str) -> tuple[str, ...]:
    match = re.fullmatch(r"\\pm ?(\d+)", part)
    return (match[1], f"-{match[1]}") if match else (part,)


def same_residues(answer: str, gold: str) -> bool | None:
    """Whether two texts of which one has a modulus are equal, None if neither has."""
    ours, theirs = congruence(answer), congruence(gold)
    if ours is None and theirs is None:
        return None
    if theirs is None and ours is not None:
        return _is_number(ours, literal(gold))
    if ours is None or theirs is None:
        return False
    if ours.name != theirs.name and (theirs.name or not _is_subject(ours)):
        return (
            not ours.name and ours.modulus == theirs.modulus and _classes(ours) == _classes(theirs)
        )
    if ours.modulus != theirs.modulus:
        return False
    return _classes(ours) == _classes(theirs)


def _is_subject(one: Congruence) -> bool:
    """Whether a name is one, or a number that has this residue."""
    value, modulus = literal(one.name) or arithmetic(one.name), literal(one.modulus)
    power = _POWER.fullmatch(one.name)
    if power and modulus and modulus.value.denominator == 1 and modulus.value > 0:
        residue = str(pow(int(power[1]), int(power[2]), int(modulus.value)))
    elif value is None:
        return not one.name or is_name(one.name)
    else:
        residue = str(value.value)
    return _classes(Congruence("", (residue,), one.modulus)) == _classes(one)


_POWER = re.compile(r"(\d{1,9})\^\{?(\d{1,9})\}?", re.ASCII)


def _classes(one: Congruence) -> set[int | str]:
    modulus, classes = literal(one.modulus), set[int | str]()
    for residue in one.residues:
        value = literal(residue) or arithmetic(residue)
        whole = value and modulus and {value.value.denominator, modulus.value.denominator} == {1}
        if whole and value and modulus and modulus.value > 0:
            classes.add(int(value.value) % int(modulus.value))
        else:
            classes.add(residue)
    return classes


def _is_number(ours: Congruence, gold: Literal | None) -> bool:
    """5 of "3^5 \\equiv 5 \\pmod 7"."""
    residue, modulus = literal(ours.residues[0]), literal(ours.modulus)
    if gold is None or residue is None or modulus is None or len(ours.residues) > 1:
        return False
    return (
        not is_name(ours.name)
        and _is_subject(ours)
        and residue.value == gold.value
        and 0 <= residue.value < modulus.value
    )
