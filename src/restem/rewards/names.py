r"""What may stand before the = of an answer, and the sides of an equation.

A name is what the answer is the value of: x, x_{max}, \hat{y}, f'(3), P(A \cap B), |AB|, \angle A,
\frac{dy}{dx}, \int_0^1 x dx. No name is an unknown inside an operation: from 1/x = 5, 3x = 15,
x+2 = 5, x^2 = 9, \sin x = 1, |x| = 5 the value of x is another number than the one on the right.
"""

from __future__ import annotations

import re

from restem.rewards.normal import split_top

_LETTERS = r"[A-Za-z](?:,[A-Za-z])+"
_GREEK = (
    r"\\(?:alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|phi|chi|psi|omega|rho|sigma"
    r"|tau|ell|var(?:epsilon|phi|theta|rho|sigma)|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega)"
)
_LETTER = r"(?![ei](?:$|[_^]))[A-Za-z]"
_SUB = r"(?:_(?:\{(?:[^{}]|\{[^{}]*\})*\}|\w|\\text\{[^{}]*\}|\\[a-z]+))?"
_SUPER = r"(?:\^(?:\*|\\(?:ast|star|prime)|\{(?:\*|\\ast|\\star|\\prime|\(\d\))\}))?'*"
_DECORATED = (
    r"\\(?:hat|bar|vec|tilde|d?dot|overline|widehat|widetilde|overrightarrow|overleftrightarrow|overarc"
    rf"|math(?:cal|scr|frak|bb))(?:\{{(?:[A-Za-z]{{1,4}}|{_GREEK}){_SUB}\}}|[A-Za-z])"
)
_GEOMETRIC = (
    r"m?\\(?:angle|measuredangle|sphericalangle|triangle|arc|overline|widehat|vec)"
    rf"(?:\{{?[A-Z]{{1,4}}\}}?|\d|{_GREEK})"
)
_ARGUMENT = r"\((?:[^()]|\([^()]*\))*\)"
_SQUARE = r"\[[^\[\]]*\]"
_INVERSE = r"(?:\^(?:\{-1\}|-1))?"
_NAME = re.compile(
    "|".join(
        (
            rf"(?:{_GEOMETRIC}|\\text\{{[A-Za-z .'-]+\}}(?:[A-Z]{{1,4}})?|(?:[A-DF-Z]'*){{2,4}}"
            rf"|{_DECORATED}|{_LETTER}|{_GREEK}){_SUB}{_SUPER}",
            rf"(?:[fghA-Z]|{_GREEK}){_SUB}{_INVERSE}",  # f^{-1}, A^{-1}
            rf"(?:{_LETTER}|{_GREEK}|{_DECORATED}){_SUB}{_INVERSE}{_SUPER}\((?:{_LETTERS}|[A-Za-z]|{_GREEK})\)",
            rf"(?:[fghFGHPQ]|\\(?:phi|varphi|Phi|psi|tau|sigma)){_SUB}{_INVERSE}{_SUPER}{_ARGUMENT}",
            rf"[A-Zypquvws]{_SUB}{_SUPER}\(-?(?:[\d.]+|\\frac\{{\d+\}}\{{\d+\}})\)",  # S(4)
            rf"\([a-zA-Z](?:\\circ[a-zA-Z])+\)(?:{_ARGUMENT})?|[fgh](?:\\circ[fgh])+(?:{_ARGUMENT})?",
            rf"(?:[PE]|Pr|Var|Cov|\\Pr|\\mathbb\{{[PEV]\}}|\\text\{{[A-Za-z ]+\}}|gcd|lcm|max|min)"
            rf"{_SUB}(?:{_ARGUMENT}|{_SQUARE})",
            r"\\\|[^|=<>]{1,40}\\\|",
            rf"{_DECORATED}(?:\\cdot|\\times){_DECORATED}",
            r"[A-Z]\(\d{1,3}(?:,\d{1,3})+\)|[A-Z]\^(?:T|\{T\}|\\top)",
            rf"\\?\|(?:[A-Z]{{1,4}}|[zw]{_SUB}|{_DECORATED}|\\text\{{[A-Za-z]+\}})\\?\|",
            r"\[(?:\\triangle)?[A-Z]{3,6}\]|\([A-Z]{3,6}\)",
            r"(?:[A-Z]{1,3}|[a-z])(?::(?:[A-Z]{1,3}|[a-z]))+",
            r"\\frac\{[A-Z]{2}\}\{[A-Z]{2}\}|[A-Z]{2}/[A-Z]{2}",
            r"\\frac\{(?:d|\\partial)(?:\^\d)?[A-Za-z]?(?:\([a-z]\))?\}\{(?:d|\\partial)[a-z](?:\^\d)?\}"
            rf"(?:[a-zA-Z](?:\([a-z]\))?|{_ARGUMENT}|{_SQUARE})?|d[a-z]/d[a-z]",
            r"\\(?:sin|cos|tan|cot|sec|csc)(?:\^\d)?\(?(?:\\angle)?[A-Z]{1,3}\)?",
            r"[A-Za-z]{4,}",
        )
    )
)
_CALCULATED = re.compile(
    r"\\(?:o?i+nt|sum|prod|lim|limsup|liminf|max|min|sup|inf|det|dim|deg|ker|gcd|lcm|arg|Re|Im|nabla|Pr)"
    r"(?![a-zA-Z]).*"
)
_HEDGED = re.compile(
    r"(?:\\text\{)?(?:not|never|half|twice|double|triple|thrice|about|roughly|approx|almost|nearly"
    r"|negative|minus|reciprocal|opposite|inverse|lessthan|morethan|at(?:least|most)|wrong)",
    re.IGNORECASE,
)
_OPERATION = re.compile(
    r"squared|cubed|doubled|tripled|halved|factorial|modulo|(?:square|cube|nth)root|rootof"
    r"|^(?:\\text\{)?(?:the)?(?:square|cube|root|power)of|^(?:\\text\{)?(?!cost\b)"
    r"(?:arc)?(?:sin|cos|tan|cot|sec|csc|log|ln|exp|sqrt|abs)(?:of.*)?[a-z]\}?$",
    re.IGNORECASE,
)
"""Words that make what they stand beside another number: "x squared", "log x"."""
_EQUALS = re.compile(r"(?<![<>\\])=|\\in(?![a-zA-Z]) ?")
_UNKNOWNS = re.compile(
    r"[a-z](?:_\w)?(?:[+-][a-z](?:_\w)?)+|[a-z]{2,3}|\\frac\{[a-z]\}\{[a-z]\}|[a-z]/[a-z]"
)
_VARIABLE = re.compile(
    r"(?<![\\A-Za-z])(?![ei](?![A-Za-z]))[A-Za-z](?![A-Za-z])|(?<![\\A-Za-z])[a-z]{2,3}(?![A-Za-z])"
)


def is_name(text: str) -> bool:
    r"""Whether a text names something: x, x_1, f(x), f^{-1}(x), (x,y), AB, P(A)."""
    plain = text.replace(" ", "")
    if _HEDGED.match(plain) or _OPERATION.search(plain):
        return False  # "not x", without the blank
    if _NAME.fullmatch(plain) or _CALCULATED.fullmatch(text.strip()):
        return True
    if plain.startswith("(") and plain.endswith(")") and "," in plain:
        parts = split_top(plain[1:-1]) or [""]
        return len(parts) > 1 and all(part and part[0] != "(" and is_name(part) for part in parts)
    return False


def is_combination(text: str) -> bool:
    """Whether a text is a sum, difference, product or quotient of different unknowns: m+n, xy."""
    plain = text.replace(" ", "")
    if _UNKNOWNS.fullmatch(plain) is None or _OPERATION.search(plain):
        return False
    letters = re.findall(r"(?<![\\a-z_])[a-z](?:_\w)?|(?<=[a-z])[a-z]", text.replace("\\frac", ""))
    return len(letters) == len(set(letters)) > 1


def has_variable(text: str) -> bool:
    """Whether a side is a formula with letters in it, like \\pi r^2, and no number yet."""
    return _VARIABLE.search(re.sub(r"\\text\{[^{}]*\}", "", text)) is not None


def core(name: str) -> str:
    r"""The letters of a name: \vec{v}, \text{v} and v are one."""
    return re.sub(r"\\(?:vec|text|overline(?=\{[A-Z]{2}))(?![a-zA-Z])|m?\\angle|[{} ]", "", name)


def sides(text: str) -> list[str]:
    """The sides of an equation, split at = outside of brackets, a name first; [text] if there is
    none."""
    if "=" not in text and "\\in" not in text:
        return [text]
    marked = _EQUALS.sub(lambda match: "\0" + match.group(), text)
    parts = split_top(marked, "\0") or [text]
    first, *others = (part.replace("\0", "").strip() for part in parts)
    found = [first, *(_EQUALS.sub("", other, count=1).strip() for other in others)]
    turned = len(found) == 2 and "\\in" not in text  # 5 \in A is no value of A
    if turned and is_name(found[1]) and not is_name(found[0]):
        found.reverse()
    return found


def without_name(parts: list[str]) -> list[str]:
    """The sides of an equation but for leading names."""
    at = 0
    while at < len(parts) - 1 and is_name(parts[at]):
        at += 1
    return parts[at:]
