r"""Mathematical characters beyond ASCII as LaTeX: "10⁻³" is 10^{-3}, "2⅔" is 2\frac{2}{3}.

A character counts as a spelling of ASCII if it is one in another style: full-width and mathematical
letters and digits, every dash, superscripts behind a base, fractions, roots, Greek letters, signs.
What stays as it is equals only itself: digits of other scripts, circled and Roman numerals,
superscripts without a base, marks that turn the direction of a text.
"""

from __future__ import annotations

import re
import unicodedata

_STYLED = [*range(0xFF01, 0xFF5F), *range(0xFE50, 0xFE6C), *range(0x1D400, 0x1D800)]
_VULGAR = [0xBC, 0xBD, 0xBE, *range(0x2150, 0x215F), 0x2189]
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi o pi rho ? sigma tau "
    "upsilon phi chi psi omega"
)
_GREEK = _GREEK_NAMES.split()
_SIGNS = {
    "\\{": "｛", "\\}": "｝", "\\times ": "×✕✖⨯", "\\cdot ": "·⋅∙•‧", "\\div ": "÷➗",
    "\\pm ": "±", "\\mp ": "∓", "*": "∗",
    "-": "‐‑‒–—―−﹘➖˗", "/": "⁄∕", ":": "∶ː", "\\le ": "≤⩽≦", "\\ge ": "≥⩾≧", "\\ne ": "≠",
    "\\approx ": "≈", "\\simeq ": "≃", "\\sim ": "∼", "\\equiv ": "≡", "\\in ": "∈",
    "\\notin ": "∉", "\\cup ": "∪", "\\cap ": "∩", "\\emptyset ": "∅⌀", "\\subset ": "⊂",
    "\\subseteq ": "⊆", "\\land ": "∧", "\\lor ": "∨", "\\neg ": "¬", "\\to ": "→",
    "\\implies ": "⇒⟹", "\\iff ": "⇔⟺", "\\therefore ": "∴", "\\infty ": "∞", "\\partial ": "∂",
    "\\int ": "∫", "\\sum ": "∑", "\\prod ": "∏", "\\angle ": "∠∡∢", "\\triangle ": "△",
    "\\parallel ": "∥", "\\perp ": "⊥", "\\circ ": "∘", "^\\circ ": "°º˚", "\\ldots ": "…",
    "\\langle ": "⟨〈", "\\rangle ": "⟩〉", "\\lfloor ": "⌊", "\\rfloor ": "⌋", "\\lceil ": "⌈",
    "\\rceil ": "⌉", "|": "∣",
    "\\|": "‖", "'": "’‘′", "''": "″", "\\ell ": "ℓ", "e": "ℯⅇ", "i": "ⅈ",
    "\\mathbb{R}": "ℝ", "\\mathbb{Z}": "ℤ", "\\mathbb{N}": "ℕ", "\\mathbb{Q}": "ℚ",
    "\\mathbb{C}": "ℂ", "\\mathbb{P}": "ℙ", "^\\circ C": "℃", "^\\circ F": "℉",
    ",": "、", ".": "。",
    "mm": "㎜", "cm": "㎝", "km": "㎞", "kg": "㎏", "mm^2": "㎟", "cm^2": "㎠", "m^2": "㎡",
    "km^2": "㎢", "cm^3": "㎤", "m^3": "㎥", "\\epsilon ": "ϵε", "\\phi ": "ϕφ", "\\mu ": "µμ",
    "\\theta ": "θϑ", "\\Delta ": "∆Δ", "\\sigma ": "σς", "\\pi ": "π", "\\Omega ": "Ω\u2126",
    "": "\x00\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff\ufe0e\ufe0f"
        "\u202a\u202b\u202c\u2066\u2067\u2068\u2069",  # what nobody sees and turns nothing round
}  # fmt: skip


def _table() -> dict[int, str]:
    table = {code: unicodedata.normalize("NFKC", chr(code)) for code in _STYLED}
    table = {code: text for code, text in table.items() if text.isascii()}
    for code in _VULGAR:
        top, _, bottom = unicodedata.normalize("NFKC", chr(code)).partition("\u2044")
        if bottom:
            table[code] = rf"\frac{{{top}}}{{{bottom}}}"
    for at, name in enumerate(_GREEK):
        if len(name) > 1:
            table[0x3B1 + at] = f"\\{name} "
            if name in ("gamma", "delta", "theta", "lambda", "xi", "pi", "sigma", "phi", "psi",
                        "omega"):  # fmt: skip
                table[0x391 + at] = f"\\{name.capitalize()} "
    return table | {ord(char): text for text, chars in _SIGNS.items() for char in chars}


_TABLE = _table()
_HIGH = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣ", "0123456789+-=()nix")
_LOW = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₓₙₘₖᵢⱼ", "0123456789+-=()aexnmkij")
_HIGHS, _LOWS = "".join(map(chr, _HIGH)), "".join(map(chr, _LOW))
_SPLIT_FRACTION = re.compile("([⁰¹²³⁴-⁹]+)[⁄∕/]([₀-₉]+)")
_INDEX = re.compile("(?<![\\w)\\]}⁰¹²³⁴-⁹])([³⁴-⁹ⁿ])√")
_POWER = re.compile(rf"(?<=[\w)\]}}|'!′’.])\s?([{_HIGHS}]+)")
_SUBSCRIPT = re.compile(rf"(?<=[\w)\]}}|])([{_LOWS}]+)")
_OVERLINED = re.compile("(?:\\d\u0305)+")
_DOTTED = re.compile("(\\d)\u0307")
_HATS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "bar", "\u20d7": "vec"}
_HAT = re.compile(f"(?<![^\\W\\d_])([^\\W\\d_])([{''.join(_HATS)}])(?![^\\W\\d_])")
_ROOT = re.compile(
    r"([√∛∜])\s*(?:\(([^()]*)\)|\{([^{}]*)\}|(\\frac\{\w+\}\{\w+\}|\d+(?:\.\d+)?|\\?[a-zA-Z]+))"
)
_ROOTS = {"√": "\\sqrt{", "∛": "\\sqrt[3]{", "∜": "\\sqrt[4]{"}


def to_latex(text: str) -> str:
    """A text with its mathematical characters as LaTeX; ASCII comes back as it is."""
    if text.isascii():
        return text
    text = _HAT.sub(lambda m: rf"\{_HATS[m[2]]}{{{m[1]}}}", unicodedata.normalize("NFD", text))
    text = unicodedata.normalize("NFC", text)
    text = _OVERLINED.sub(lambda m: rf"\overline{{{m[0].replace(chr(0x305), '')}}}", text)
    text = _DOTTED.sub(r"\\dot{\1}", text)
    text = _SPLIT_FRACTION.sub(_split_fraction, text)
    text = _INDEX.sub(lambda m: rf"\sqrt[{m[1].translate(_HIGH)}]√", text)
    text = _POWER.sub(lambda m: f"^{{{m[1].translate(_HIGH)}}}", text)
    text = _SUBSCRIPT.sub(lambda m: f"_{{{m[1].translate(_LOW)}}}", text)
    text = text.translate(_TABLE)
    if any(root in text for root in _ROOTS):
        text = _ROOT.sub(lambda m: _ROOTS[m[1]] + (m[2] or m[3] or m[4] or "") + "}", text)
        text = text.replace("]\\sqrt{", "]{")  # \sqrt[3]√8
    return text


def _split_fraction(match: re.Match[str]) -> str:
    return rf"\frac{{{match[1].translate(_HIGH)}}}{{{match[2].translate(_LOW)}}}"
