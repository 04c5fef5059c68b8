r"""LaTeX that changes how an answer looks and not what it says: \boldsymbol{42}, {\color{red} 5},
\tag{1}, {7 \over 2}, aligned equations.

A wrapper goes and what it holds stays, as it would be read on the page. What strikes out or hides
(\cancel, \phantom) is no wrapper.
"""

from __future__ import annotations

import re

_FONTS = (
    "text|textbf|textit|textrm|textnormal|textsf|texttt|textsc|textup|textmd|emph|mathrm|mathbf|"
    "mathit|mathsf|mathtt|mathnormal|mbox|hbox|operatorname\\*?"
)
_COMMAND = re.compile(
    r"(?P<gap>\\\\\*?\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in|bp|mu)\s*\]|\\cr(?![a-zA-Z]))|(?P<keep>\\\\)"
    r"|(?P<drop>\\(?:left|right|middle|[bB]igg?[lrm]?|displaystyle|textstyle|scriptstyle|limits|nolimits"
    r"|[lL]arge|LARGE|[hH]uge|small|normalsize|footnotesize|scriptsize|tiny|boldmath|nonumber|notag|hfill"
    r"|strut|mathstrut|qed|qedhere|hline|centering|noindent)(?![a-zA-Z])|\\!(?:(?<=,\\!)\s+)?)"
    r"|(?P<blank>\\[,;:> ]|~|\\q?quad(?![a-zA-Z])|\\[hv]space\*?\s*\{[^{}]*\}"
    r"|\\thinspace(?![a-zA-Z]))"
    r"|(?P<frac>\\(?:[dtcsx]|nice)frac(?![a-zA-Z]))|(?P<binom>\\[dt]binom(?![a-zA-Z]))"
    r"|(?P<letter>\\(?:mathrm|mathit|text|textrm|operatorname)\s*\{\s*(?P<unit>[ied])\s*\}|\\(?P<dotless>[ij])math(?![a-zA-Z]))"
    rf"|(?P<text>\\(?:{_FONTS})\s*\{{)|(?P<font>\{{\s*\\(?:rm|bf|it|tt|sf|sl|em)(?![a-zA-Z]))"
    r"|(?P<gone>\\(?:tag|label)\*?\s*\{[^{}]*\}|\\color\s*(?:\[[^\[\]{}]*\])?\s*\{[^{}]*\}|\\(?:rm|bf|it|tt|sf|sl|em)(?![a-zA-Z]))"
)
_COMMANDS = {
    "gap": r"\\", "drop": "", "blank": " ", "frac": r"\frac", "binom": r"\binom",
    "text": r"\text{", "font": r"\text{", "gone": "",
}  # fmt: skip


def plain_latex(text: str) -> str:
    """One spelling of commands, without wrappers, for text without runs of blanks."""
    if "\\" not in text:
        return _stripped(text) if text.startswith("{") else text
    text = _COMMAND.sub(_one_command, text)
    if "\\" in text or "{" in text:
        text = _QUANTITY.sub(_as_quantity, text)
        text = _OVER.sub(_as_fraction, text) if "\\over" in text or "\\choose" in text else text
        text = _without_wrappers(text)
        text = _environments(text) if "\\begin" in text else text
        text = _roots(text) if "\\sqrt[" in text else text
        text = _repeating(text) if "\\dot" in text or "\\bar" in text else text
        text = _stripped(text)
    return text


def _one_command(match: re.Match[str]) -> str:
    kind = str(match.lastgroup)
    if match["letter"]:
        return _apart(match) + (match["unit"] or match["dotless"])
    return _COMMANDS.get(kind, match[0])


def _apart(match: re.Match[str]) -> str:
    """A blank where the command before would swallow a letter."""
    return " " if match.start() and match.string[match.start() - 1].isalpha() else ""


# ---- groups

_WRAPPED = re.compile(
    r"(?P<other>\\\\|\\[{}])"
    r"|(?P<open>\\(?:boldsymbol|bm|pmb|underline|uline|boxed|fbox|framebox|ensuremath|math(?:bin|rel|ord|op|open|close|inner)|smash)\s*\{"
    r"|\\fcolorbox\s*\{[^{}]*\}\s*\{[^{}]*\}\s*\{|\\bbox\s*(?:\[[^\[\]{}]*\])?\s*\{"
    r"|\\(?:textcolor|colorbox)\s*(?:\[[^\[\]{}]*\])?\s*\{[^{}]*\}\s*\{)"
    r"|(?P<bare>\\(?:boldsymbol|bm|pmb)(?![a-zA-Z]) ?)|(?P<brace>\{)|(?P<end>\})"
)
_MAY_STAND = "=,(+-*/<>;: "
_BEFORE_GROUP = re.compile(r"(?:^|[=,(+\-*/<>;:&])\s*$")
_HELD = re.compile(r"(?:[_^]|\\(?:frac|sqrt|binom)(?:\{[^{}]*\})?)\s*$")
_WRAPPER = re.compile(
    r"\\(?:boldsymbol|bm|pmb|underline|uline|boxed|fbox|framebox|bbox|ensuremath|math(?:bin|rel|ord|op|open|close|inner)|smash|textcolor|f?colorbox)"
    r"|(?:^|[=,(+\-*/<>;:&])\s*\{|(?<!\\)\{\}"
)


def _without_wrappers(text: str) -> str:
    """Without the braces of wrappers and of groups that stand alone, in one pass."""
    if _WRAPPER.search(text) is None:
        return text
    text = re.sub(r"(?<!\\)\{\}", "", text)
    out: list[str] = []
    opened: list[int | None] = []  # where in `out` the brace of a wrapper or lone group is
    last = 0
    for match in _WRAPPED.finditer(text):
        out.append(text[last : match.start()])
        last = match.end()
        kind = match.lastgroup
        tail = "".join(out[-3:])[-40:] if kind in ("open", "brace") else ""
        if kind == "bare":
            out.append(_apart(match))
            continue
        if kind == "open":
            opened.append(None if _HELD.search(tail) else len(out))
        elif kind == "brace":
            alone = _BEFORE_GROUP.search(tail) and not (out[-1] == "" and len(out) > 1)
            opened.append(len(out) if alone else None)
        elif kind == "end" and opened:
            start = opened.pop()
            if start is not None and not text.startswith(("^", "_"), last):
                out[start] = " " if out[start - 1][-1:].isalpha() else ""
                out.append("")
                continue
        out.append("{" if kind in ("open", "brace") else match[0])
    return "".join([*out, text[last:]])


_TEXT_OF = re.compile(r"(^|[=,({])\s*\\text\{\s*(-?[\d.,]+)\s*\}")
_NUMBER_IN_TEXT = re.compile(r"\s*([-\d.,/ ]*\d)\s*([A-Za-z][A-Za-z ./]*(?:\^\d)?)", re.ASCII)
_PROSE = re.compile(r"[A-Za-z]{2}")


def _stripped(text: str) -> str:
    r"""Without \text{...}, {...} or $...$ around the whole, if that is not words."""
    text = _TEXT_OF.sub(r"\1\2", text) if "\\text" in text else text
    while True:
        text = text.strip()
        if text.count("$") == 2 and text[0] == text[-1] == "$" and len(text) > 2:
            text = text[1:-1]
            continue
        head = 6 if text.startswith("\\text{") else 1 if text.startswith("{") else 0
        if not head or _closing(text, head) != len(text) - 1:
            return text
        inner = text[head:-1]
        if head == 6 and (match := _NUMBER_IN_TEXT.fullmatch(inner)):
            return f"{match[1]}\\text{{ {match[2]}}}"
        if head == 6 and "\\" not in inner and "$" not in inner and _PROSE.search(inner):
            return text
        text = inner


def _closing(text: str, start: int) -> int:
    """Where the brace closes that was opened before `start`, -1 if it does not."""
    depth = 1
    for match in re.compile(r"\\[{}\\]|[{}]").finditer(text, start):
        if len(match[0]) == 1:
            depth += 1 if match[0] == "{" else -1
            if depth == 0:
                return match.start()
    return -1


# ---- forms

_ARGUMENT = r"((?:[^{}]|\{[^{}]*\})*?)"
_OVER = re.compile(
    rf"\{{{_ARGUMENT}\\(over|choose)(?![a-zA-Z])\s*{_ARGUMENT}\}}"
    r"|^\s*((?:[^{}=,]|\{[^{}]*\})*?)\\(over|choose)(?![a-zA-Z])\s*((?:[^{}=,]|\{[^{}]*\})*)$"
)


def _as_fraction(match: re.Match[str]) -> str:
    top, word, bottom = match.groups()[:3] if match[2] else match.groups()[3:]
    command = "\\frac" if word == "over" else "\\binom"
    return f"{command}{{{top.strip()}}}{{{bottom.strip()}}}"


_ROOT = re.compile(r"\\sqrt\[\s*\{?(\d{0,3}[13579])\}?\s*\]\s*\{\s*-((?:[^{}+\-]|\{[^{}]*\})+)\}")


def _roots(text: str) -> str:
    r"""\sqrt[3]{-8} is the real root, -\sqrt[3]{8}."""

    def negated(match: re.Match[str]) -> str:
        root = rf"-\sqrt[{match[1]}]{{{match[2]}}}"
        before = text[: match.start()].rstrip()
        opens = not before or before[-1] in "=,([{&"
        bare = opens and not text.startswith(("^", "!"), match.end())
        return root if bare else f"({root})"

    return _ROOT.sub(negated, text)


_QUANTITY = re.compile(
    r"\\(?:SI|qty)\s*\{([^{}]*)\}\s*\{([^{}]*)\}|\\(?:unit|si)\s*\{([^{}]*)\}"
    r"|\\root\s*\{?(\d+)\}?\s*\\of\s*(\{[^{}]*\}|\w)"
    r"|(?<=\d)\{\s*(\\text\{[^{}]*\})\s*\}$"
)


def _as_quantity(match: re.Match[str]) -> str:
    r"""5\text{ cm} for \SI{5}{cm} and 5{\text{ cm}}, \sqrt[3]{8} for \root 3 \of 8."""
    if match[6]:
        return match[6]
    if match[4]:
        return rf"\sqrt[{match[4]}]{{{match[5].strip('{}')}}}"
    return f"{match[1] or ''}\\text{{ {match[2] or match[3] or ''}}}"


_DOTS = re.compile(r"(?<=[\d.])\\dot\s*(?:\{(\d+)\}|(\d))(?:(\d*)\\dot\s*(?:\{(\d)\}|(\d)))?")
_BAR = re.compile(r"(?<=[\d.])\\bar\s*(?:\{(\d+)\}|(\d))")


def _repeating(text: str) -> str:
    r"""0.\dot{1}4285\dot{7} is 0.\overline{142857}."""
    text = _BAR.sub(lambda m: rf"\overline{{{m[1] or m[2]}}}", text)
    return _DOTS.sub(lambda m: rf"\overline{{{''.join(part or '' for part in m.groups())}}}", text)


# ---- environments

_LINES = re.compile(
    r"\\begin\{(aligned|align\*?|gathered|gather\*?|split|alignedat|eqnarray\*?)\}(?:\{\d\})?"
    r"(.*?)\\end\{\1\}", re.DOTALL,
)  # fmt: skip
_BRACED = re.compile(
    r"(?:\\\{|\\lbrace)\s*\\begin\{(array|aligned|matrix|gathered)\}(?:\s*\{[clr|\s]*\})?(.*?)\\end\{\1\}\s*\.?\s*$",
    re.DOTALL,
)
_ARRAY = re.compile(r"^\s*\\begin\{array\}\s*\{[clr|\s]*\}(.*)\\end\{array\}\s*$", re.DOTALL)
_MATRIX = re.compile(
    r"[(\[]\s*\\begin\{(?:small)?matrix\}((?:[^\\]|\\(?!begin|end))*)\\end\{(?:small)?matrix\}\s*[)\]]"
    r"|\\begin\{[bp]?smallmatrix\}((?:[^\\]|\\(?!begin|end))*)\\end\{[bp]?smallmatrix\}"
)


def _environments(text: str) -> str:
    """Aligned lines as a list or a chain, matrices as pmatrix."""
    text = _MATRIX.sub(
        lambda m: rf"\begin{{pmatrix}}{m[1] or m[2]}\end{{pmatrix}}".replace("\\cr", "\\\\"), text
    )
    text = _BRACED.sub(lambda m: _lines(m[2]), text)
    text = _LINES.sub(lambda m: _lines(m[2]), text)
    match = _ARRAY.match(text)
    if match and "=" in match[1] and "\\begin" not in match[1]:
        text = _lines(match[1])
    return re.sub(r"&\s*=", "=", text) if "{cases}" in text else text


def _lines(rows: str) -> str:
    """Rows as a list; one that starts with = goes on with the row before."""
    rows = re.sub(r"\\\\\s*&?\s*=", " = ", rows.strip())
    rows = re.sub(r"(?:\\\\\s*)+$", "", rows).replace("&", "")
    return ", ".join(row.strip().rstrip(",;.") for row in rows.split("\\\\"))
