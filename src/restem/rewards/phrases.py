r"""Words around an answer in a box that say nothing of its value: "\text{The answer is } 42",
"\text{There are }42", "\text{Answer: }6", "\text{Option C}"; and side conditions,
"\frac{\pi}{2}+2k\pi,\ k\in\mathbb{Z}".
"""

from __future__ import annotations

import re

_HEDGE_WORDS = (
    "not no none never neither nor nothing nobody half third quarter twice double triple thrice "
    "reciprocal negative minus plus times opposite inverse more less than about "
    "approximately roughly if unless except root squared cubed percent wrong incorrect "
    "false impossible cannot or other"
)
_HEDGES = frozenset(_HEDGE_WORDS.split())
_END_WORDS = "is are was were be equals equal has have gives get gets"
_ENDS = frozenset(_END_WORDS.split())
_LABELS = r"(?:the )?(?:final |correct |required )?(?:answer|ans\.?|solution|result|option|choice)"
_LEAD = re.compile(
    rf"\s*(?:\\text\{{(?P<marked>[^{{}}\\]*)\}}|(?P<bare>[A-Za-z][A-Za-z',]*(?: [A-Za-z',]+)* "
    rf"(?:is|are|equals)(?=[: ])|{_LABELS}(?=\s*[:=]|\s+\(?[A-J]\)?\s*$)))"
    rf"(?P<mark>\s*[:=]*)\s*(?=\S)",
    re.IGNORECASE,
)
_LABEL = re.compile(rf"{_LABELS}\s*(?:is|:|=)*\s*", re.IGNORECASE)
_CONNECTIVE = re.compile(r"(?:so|thus|hence|therefore|then|finally|exactly)\s*[,:]?", re.IGNORECASE)
_LABELLED = re.compile(
    rf"\s*\\text\{{\s*{_LABELS}\s*(?:is|:)*\s*(\(?[A-J]\)?)\s*\}}\s*", re.IGNORECASE
)
_SAID = re.compile(
    r"\s*\\text\{\s*([A-Za-z' ,]+? (?:is|are|equals|has|have|gets?|needs?|makes?):?"
    r"|[A-Za-z ]*answer:)\s+([^{}]+)\}\s*",
    re.IGNORECASE,
)


def without_lead(text: str) -> str:
    """Without words that lead up to an answer; with them where one may change it ("not")."""
    if not text[:1].isalpha() and not text.startswith("\\text{"):
        return text
    if match := _LABELLED.fullmatch(text):
        return match[1]
    if (match := _SAID.fullmatch(text)) and is_harmless(match[1]):
        return match[2]
    match = _LEAD.match(text)
    if match is None or match.end() == len(text):
        return text
    if match["bare"]:
        return text[match.end() :] if is_harmless(match["bare"]) else text
    words = match["marked"].strip()
    if _CONNECTIVE.fullmatch(words):
        return text[match.end() :]
    said = _LABEL.fullmatch(words) or (
        words.rstrip(":").lower().split()[-1:] and words.rstrip(": ").lower().split()[-1] in _ENDS
    )
    return text[match.end() :] if said and is_harmless(words) else text


def is_harmless(words: str) -> bool:
    """Whether words in front of a value leave it as it is: not "half of it is", "not"."""
    found = re.findall(r"[a-z']+", words.lower())
    said = " ".join(found)
    return _HEDGES.isdisjoint(found) and not re.search(r"(?:square|cube)s? of|n't", said)


# ---- side conditions

_CONDITION = re.compile(
    r"(?:\s|,|;|\\text\{\s*,?\s*(?:where|for|with|for all|for any|for some|and)?\s*\}"
    r"|\bwhere\b|\bfor\b|\bwith\b)*"
    r"\(?\s*(?:\\forall ?)?([kmnlp])\s*(?:\\in(?![a-zA-Z])\s*(?:\\mathbb\s*)?(?:\{([ZN])\}|([ZN]))"
    r"|\\text\{\s*(?:is )?(?:an |any )?integer\s*\}|(?:is )(?:an |any )integer)"
    r"(\s*\^?\+?)\s*\)?[\s.]*$"
)
_MAX_CONDITION = 120
_INTEGER_FIRST = re.compile(
    r"(?:[\s,;]|\\text\{\s*,?\s*)*(?:(?:for|where|with)(?: any| some| all| every)? )?"
    r"integers?\s*\}?\s*\$?([kmnlp])\$?\s*\}?$"
)


def split_condition(text: str) -> tuple[str, str]:
    r"""(text without "k \in \mathbb{Z}", the set or ""); its variable is called k."""
    if "\\in" not in text and "integer" not in text:
        return text, ""
    tail = text[-_MAX_CONDITION:]  # the patterns are quadratic in it
    match = _CONDITION.search(tail)
    found = match or _INTEGER_FIRST.search(tail)
    if found is None:
        return text, ""
    kept = text[: len(text) - len(tail) + found.start()].rstrip(" ,;(")
    letter = re.compile(rf"(?<![\\a-zA-Z]){found[1]}(?![a-zA-Z])")
    if not kept or (match and match[4].strip()) or letter.search(kept) is None:
        return text, ""
    domain = (match[2] or match[3] or "Z") if match else "Z"
    if found[1] != "k" and re.search(r"(?<![\\a-zA-Z])k(?![a-zA-Z])", kept) is None:
        kept = letter.sub("k", kept)
    return kept, domain
