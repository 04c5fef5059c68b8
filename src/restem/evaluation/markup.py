"""The few pieces of HTML the report is made of, and its style sheet.

Every text passes through `_escape`, since questions, answers and solutions may hold anything a
model can write; `Html` marks what already went through it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence


class Html(str):
    """Text that is markup already; everything else is escaped."""

    __slots__ = ()


def text(value: object) -> Html:
    return value if isinstance(value, Html) else Html(_escape(str(value)))


def printable(value: str) -> str:
    """Control characters, new lines and tabs apart, as U+FFFD: they are not legal in HTML, and
    steer a terminal."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\ufffd", value)


def _escape(value: str) -> str:
    return html.escape(printable(value))


def element(tag: str, *children: object, cls: str = "") -> Html:
    """`<tag class=cls>children</tag>`; children are escaped unless Html."""
    name = f' class="{_escape(cls)}"' if cls else ""
    return Html(f"<{tag}{name}>{''.join(text(child) for child in children)}</{tag}>")


def table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> Html:
    """A table that scrolls sideways on a narrow screen; the first cell of a row names it."""
    titles = element("tr", *(element("th", cell) for cell in head))
    lines = [
        element("tr", element("th", row[0]), *(element("td", cell) for cell in row[1:]))
        for row in rows
    ]
    inner = element("table", element("thead", titles), element("tbody", *lines))
    return element("div", inner, cls="scroll")


def section(title: str, intro: str, *children: object) -> Html:
    return element("section", element("h2", title), element("p", intro), *children)


def folded(summary: object, *children: object) -> Html:
    """Shown on demand, without a script."""
    return element("details", element("summary", summary), *children)


def document(title: str, *children: object) -> str:
    """A whole page that needs nothing from anywhere."""
    body = "\n".join(text(child) for child in children)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


STYLE = """
:root { color-scheme: light; --ink: #1f2933; --muted: #66727f; --line: #e4e8ec; --blue: #0072b2;
  --green: #00775a; --red: #b34a00; --page: #f5f7f9; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 system-ui,
  -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 20px 64px; }
header { margin-bottom: 28px; }
.eyebrow { color: var(--blue); font-size: 13px; font-weight: 650; letter-spacing: .06em;
  text-transform: uppercase; margin: 0 0 10px; }
h1 { font-size: clamp(20px, 2.5vw, 27px); line-height: 1.35; font-weight: 680; margin: 0;
  letter-spacing: -.01em; text-wrap: pretty; }
h2 { font-size: 20px; margin: 0 0 4px; letter-spacing: -.01em; }
h3 { font-size: 15px; margin: 24px 0 8px; }
p { margin: 0 0 14px; max-width: 76ch; color: var(--muted); }
header p:last-child { margin-top: 12px; }
section, .tile, figure { background: #fff; border: 1px solid var(--line); border-radius: 14px; }
section { padding: 24px; margin: 20px 0; }
.hero { display: grid; grid-template-columns: minmax(0, 1.75fr) minmax(0, 1fr); gap: 20px; }
.hero .grid { margin: 0; }
.tiles { display: flex; flex-wrap: wrap; gap: 14px; }
.tile { flex: 1 1 130px; padding: 14px 18px; display: flex; flex-direction: column;
  justify-content: center; }
.tile b { display: block; font-size: 30px; line-height: 1.2; font-weight: 680;
  letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.tile.main { background: var(--blue); border-color: var(--blue); color: #fff; }
.tile span { font-size: 13px; color: var(--muted); display: block; }
.tile.main span { color: #dcecf7; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr));
  gap: 20px; margin: 20px 0; align-items: start; }
.grid section { margin: 0; }
figure { margin: 0; padding: 14px 12px 8px; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { font-size: 13px; color: var(--muted); padding: 4px 6px 6px; }
.scroll { overflow-x: auto; margin: 0 -8px; }
table { border-collapse: collapse; width: 100%; font-size: 14px;
  font-variant-numeric: tabular-nums; }
th, td { padding: 8px; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
tbody tr:last-child > * { border-bottom: 0; }
th:first-child { text-align: left; }
thead th { color: var(--muted); font-weight: 550; font-size: 13px; vertical-align: bottom; }
tbody th { font-weight: 600; }
small { display: block; color: var(--muted); font-size: 12px; }
.gain { color: var(--green); font-weight: 600; }
.loss { color: var(--red); font-weight: 600; }
.none { color: var(--muted); }
details { border-top: 1px solid var(--line); padding: 12px 0; }
summary { cursor: pointer; font-weight: 600; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 225px), 1fr));
  gap: 14px; margin-top: 12px; }
.card { border: 1px solid var(--line); border-left: 4px solid var(--red); border-radius: 10px;
  padding: 12px 14px; min-width: 0; }
.card.right { border-left-color: var(--green); }
.card small { margin-bottom: 6px; }
.card p { color: inherit; font-size: 15px; margin: 6px 0; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--page); margin: 8px 0;
  border-radius: 8px; padding: 10px 12px; font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo,
  Consolas, monospace; max-height: 420px; overflow: auto; }
code { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
footer { color: var(--muted); font-size: 13px; margin-top: 28px; }
@media (max-width: 820px) { .hero { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 560px) { main { padding: 24px 12px 40px; } section { padding: 18px 14px; }
  .tile b { font-size: 25px; } }
@media print { body { background: #fff; } section, figure { break-inside: avoid; } }
"""
