r"""Currencies before and after a number: "\$5", "US\$40", "40 USD", "¥500", "Rs. 200", "5.4¢".

Signs and codes go; which currency it was is the unit. "$5" and "€5" are different answers, "5" is
both. Words ("5 dollars") are units like others (`units.py`).
"""

from __future__ import annotations

import re

_CODES = {
    "usd": "dollar", "us$": "dollar", "us\\$": "dollar", "$": "dollar", "\\$": "dollar",
    "eur": "euro", "€": "euro", "\\euro": "euro", "£": "pound", "\\pounds": "pound",
    "\\textsterling": "pound", "gbp": "pound", "¥": "yen", "￥": "yen", "jpy": "yen",
    "\\yen": "yen",
    "cny": "yuan", "rmb": "yuan", "元": "yuan", "円": "yen", "rs": "rupee", "rs.": "rupee",
    "inr": "rupee", "₹": "rupee", "₩": "won", "krw": "won", "₽": "rouble", "₱": "peso",
    "cad": "cad", "c$": "cad", "c\\$": "cad", "ca$": "cad", "ca\\$": "cad",
    "s$": "sgd", "s\\$": "sgd", "hk$": "hkd", "hk\\$": "hkd",
    "nt$": "twd", "nt\\$": "twd", "r$": "real", "r\\$": "real", "nz$": "nzd", "nz\\$": "nzd",
    "\\textdollar": "dollar", "aud": "aud", "a$": "aud",
    "a\\$": "aud", "chf": "franc", "¢": "cent", "\\cent": "cent", "\\textcent": "cent",
    "\\texteuro": "euro",
}  # fmt: skip
_SIGN = (
    r"(?:(?:US|CA?|A|S|HK|NT|NZ|R)?\\?\$|[€£¥￥₹₩₽₱元円]|\\(?:euro|texteuro|textdollar|pounds|textsterling|yen)(?![a-zA-Z])"
    r"|(?:USD|EUR|GBP|JPY|CNY|RMB|INR|KRW|CAD|AUD|CHF)(?![a-zA-Z])|Rs\.?(?![a-zA-Z]))"
)
_NUMBER = r"-?\s*(?=\.?\d|\\frac|\{?\d)"
_BEFORE = re.compile(
    rf"\s*(-?)\s*(?:\\text\{{\s*({_SIGN})\s*\}}|({_SIGN}))\s*(?:\\text\{{\s*\}})?\s*(?={_NUMBER})"
)
_AFTER = re.compile(
    rf"(?:(?<=[\d)}}])|(?<=illion)|(?<=thousand))\s*(?:\\text\{{\s*({_SIGN}|¢|\\cent|\\textcent)\s*\}}|({_SIGN}|¢|\\(?:text)?cent(?![a-zA-Z])))\s*$"
)
_SIGNS = re.compile(r"(?:\\text\{\s*)?[€£¥￥₹₩](?:\s*\})?")
_HINT = re.compile(
    r"[$€£¥￥₹₩₽₱¢元円]|[A-Z]{3}|Rs|\\(?:text)?cent|\\text(?:euro|sterling|dollar)|\\(?:euro|pounds|yen)"
)


def split_money(text: str) -> tuple[str, str]:
    """(text without currency signs, currency or "")."""
    if _HINT.search(text) is None:
        return text, ""
    unit = ""
    if match := _AFTER.search(text):
        unit = _CODES[(match[1] or match[2]).lower()]
        text = text[: match.start()]
    if match := _BEFORE.match(text):
        before = _CODES[(match[2] or match[3]).lower()]
        unit = unit if unit == "cent" else before  # $40 USD
        text = match[1] + text[match.end() :]
    signs = _SIGNS.findall(text)
    if signs and unit:
        text = _SIGNS.sub("", text)
    return text.replace("\\$", "").replace("$", ""), unit
