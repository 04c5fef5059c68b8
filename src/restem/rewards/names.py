r"""What may stand before the = of an answer, and the sides of an equation."""

from __future__ import annotations

import re

from restem.rewards.normal import split_top

_LETTERS = r"[A-Za-z](?:,[A-Za-z])+"
_NAME = re.compile(
    r"(?:m?\\(?:angle|overline|vec|triangle|arc|widehat) ?\{?[A-Z]{1,4}\}?"
    r"|\\text\{[A-Za-z ]+\}|[A-DF-Z]{2,3}"
    r"|(?![ei](?:$|[_^]))[A-Za-z]|\\(?:alpha|beta|gamma|delta|epsilon|theta|lambda|mu|phi|psi|omega|rho|sigma|tau|ell)"
    r"|[Pp]\([^()]*\))"
    rf"(?:_(?:\{{\w+\}}|\w))?(?:\^(?:\{{-1\}}|-1))?'*(?:\((?:{_LETTERS}|[A-Za-z])\))?|\({_LETTERS}\)"
)  # fmt: skip
_EQUALS = re.compile(r"(?<![<>!\\])=|\\in(?![a-zA-Z]) ?")


def is_name(text: str) -> bool:
    r"""Whether a text names something: x, x_1, f(x), f^{-1}(x), (x,y), AB, P(A)."""
    return _NAME.fullmatch(text.replace(" ", "")) is not None


def sides(text: str) -> list[str]:
    """The sides of an equation, split at = outside of brackets, a name first; [text] if there is
    none."""
    if "=" not in text and "\\in" not in text:
        return [text]
    marked = _EQUALS.sub(lambda match: "\0" + match.group(), text)
    parts = split_top(marked, "\0") or [text]
    first, *others = (part.replace("\0", "").strip() for part in parts)
    found = [first, *(_EQUALS.sub("", other, count=1).strip() for other in others)]
    if len(found) == 2 and is_name(found[1]) and not is_name(found[0]):
        found.reverse()
    return found


def without_name(parts: list[str]) -> list[str]:
    """The sides of an equation but for a leading name."""
    return parts[1:] if len(parts) > 1 and is_name(parts[0]) else parts
