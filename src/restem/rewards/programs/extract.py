"""The program in a solution text, by lines of Markdown; nothing is parsed or run.

A text without code fences is the program. Else one of its blocks is: those tagged as Python or not
tagged count, blocks of other languages do not. A bare fence that closes what the prompt had opened
ends a block that began with the text. Fences inside strings of Python, docstrings above all, are
none; a fence may be glued to the code before it, or stand after words ("Answer: ```python").
`<answer>` tags, and a first line that names the speaker, are no part of a program.

Linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"([ \t]*+)(```++|~~~++)[ \t]*+([^`\n]*+)")  # indent, fence, info
_LATE = re.compile(r"[^`\n]*?\S[ \t]*+(```++)[ \t]*+([^`\n]*+)")  # after words
_TAG = re.compile(r"[{.\s]*+([\w+#-]*+)(?:\.[\d.]*+)?[ \t]*+(.*+)", re.DOTALL)
_PYTHON = re.compile(r"(?:i?python|py)[23]?\d*+")
_CODE = re.compile(
    r"[ \t]|@|(?:def|class|import|from|for|while|if|with|try|print|return|async|global)\b"
    r"|[\w.\[\]]++(?:, ?[\w.\[\]]++)*+ ?[-+*/]?=(?!=)|\w++\("
)
_STATEMENT = re.compile(
    r"(?:def|class|import|from|for|while|if|with|return|async) ++\w.*|\w++\(.*|#.*|try:.*"
    r"|\w++ ?=(?!=) .*"
)  # behind a tag, where attributes may stand: title="x"
_NOTABLE = re.compile(r"[\"'#`]|~~~")
# Strings, comments, and what ends a block of Python: backticks are no Python, nor ~~~ at an end.
_TOKEN = re.compile(
    r"(?P<quote>\"\"\"|''')|(?P<fence>```++|~~~++(?=\s*+\Z))"
    r"|#.*+|\"(?:\\.|[^\"\\])*+(?:\"|\\?\Z)|'(?:\\.|[^'\\])*+(?:'|\\?\Z)"
)
_STRING_ENDS = {quote: re.compile(rf"(?:\\.|(?!{quote}).)*+{quote}") for quote in ('"""', "'''")}
_MAX_INDENT = 3  # CommonMark: with more it is no fence
_ROLE = re.compile(
    r"\s*+(?:(?:<s>|<bos>|<\|begin_of_text\|>)\s*+)?"
    r"(?:<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>)?"
    r"(?:<\|assistant\|>|(?:assistant|model)[ \t]*+(?:<\|end_header_id\|>)?:?|#{2,3} Response:?)"
    r"[ \t]*+\r?\n",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"(?<!['\"`])(?:<(/)|(?<!\w)<)answer>(?!['\"`])", re.IGNORECASE)


@dataclass(slots=True)
class _Block:
    """What stands between two fences."""

    tag: str
    """"python", "", or that of another language."""
    fence: str
    """"" for a block that began with the text."""
    indent: int
    start: int
    """Where its code begins in the text."""
    first: str = ""
    """Code that stands in the line of the fence."""
    end: int = -1
    quote: str = ""
    """The quotes of the string that goes on in the next line."""
    quote_indent: int = 0
    quoted: int = -1
    """Where the first fence in that string is."""
    short: int = -1
    """Where the first fence is that is shorter than the one that opened the block."""

    def code(self, text: str) -> str:
        code = text[self.start : self.end]
        if self.indent:
            code = re.sub(rf"(?m)^[ \t]{{{self.indent}}}", "", code)
        return self.first + code.removesuffix("\n")


def extract(text: str, names: Collection[str] = ()) -> str:
    """The program, "" if there is none.

    names: functions and classes that the tests call; the last block that defines one of them is the
    program. Without such a block (or without names) it is the last block tagged as Python, else the
    last without a tag.
    """
    text = _said(text)
    if "```" not in text and "~~~" not in text:
        return text
    found = False
    chosen: dict[str, str] = {}
    for block in _blocks(text):
        found = True
        if block.tag not in ("", "python"):
            continue
        code = block.code(text)
        kind = "tagged" if block.tag else "bare"
        if not block.fence or (names and defines(code, names)):
            kind = "defining"
        chosen[kind] = code
        if not block.fence:
            break
    if not found:
        return text
    return next((chosen[kind] for kind in ("defining", "tagged", "bare") if kind in chosen), "")


def _said(text: str) -> str:
    """Without the line that names the speaker; of a text with answer tags, the last answer."""
    role = _ROLE.match(text)
    text = text[role.end() :] if role else text
    opens, end = -1, len(text)
    for mark in _ANSWER.finditer(text):
        if not mark[1]:
            opens, end = mark.end(), len(text)
        elif end == len(text):
            end = mark.start()
    return text[opens:end] if opens >= 0 and text[opens:end].strip() else text


def defines(program: str, names: Collection[str]) -> bool:
    """Whether a line of the program, at its left edge, defines one of these names."""
    found = re.finditer(r"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^(\w+)[ \t]*=", program, re.M)
    return any((pair[1] or pair[2]) in names for pair in found)


def _blocks(text: str) -> Iterator[_Block]:
    """In order. One that is not closed ends with the next one or the text."""
    block = _Block("", "", 0, 0) if _is_code(text) else None
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line, following = text[start:end], min(end + 1, len(text))
        if block is None:
            block = _opened(line, following)
        elif _meets_end(block, line, start):
            if block.fence or _was_open(text, line, following):
                yield block
            block = _reopened(block, line, following)
        start = following
        if start == len(text) and block is not None and block.fence:
            yield from _unclosed(block, text)
            start = block.end if block.end < len(text) and block.quoted >= 0 else start
            block = None


def _opened(line: str, following: int) -> _Block | None:
    """The block that a line of prose opens. Fences far to the right do only if they name the
    language: the text is a list with code in it then."""
    found = _FENCE.fullmatch(line.rstrip("\r "))
    if found is not None:
        tag, rest = _tag(found[3])
        indent = len(found[1].expandtabs(4))
        if indent > _MAX_INDENT and tag != "python":
            return None
        return _Block(tag, found[2], len(found[1]), following, rest)
    found = _LATE.fullmatch(line.rstrip("\r ")) if "```" in line else None
    if found is not None:
        tag, rest = _tag(found[2])
        if tag == "python" or (not tag and line[: found.start(1)].rstrip().endswith(":")):
            return _Block(tag, found[1], 0, following, rest)
    return None


def _tag(info: str) -> tuple[str, str]:
    """The language, and code that stands behind it."""
    found = _TAG.fullmatch(info)
    if found is None or not found[1]:
        return ("", "") if not info.strip() else ("other", "")
    if not _PYTHON.fullmatch(found[1].lower()):
        return found[1].lower(), ""
    rest = found[2].rstrip()
    return "python", rest + "\n" if _STATEMENT.fullmatch(rest) else ""


def _meets_end(block: _Block, line: str, start: int) -> bool:
    """Whether a line ends the block; it then knows its end."""
    found = _FENCE.fullmatch(line.rstrip("\r ")) if "```" in line or "~~~" in line else None
    if found is not None and _ends(block, found):
        indent = len(found[1].expandtabs(4))
        if not block.quote or indent < block.quote_indent:
            block.end = start
            return True
        block.quoted = start if block.quoted < 0 else block.quoted
    elif found is not None and not found[3] and not block.quote and block.short < 0:
        block.short = start
    if block.tag in ("", "python") and (block.quote or _NOTABLE.search(line)):
        cut = _read(block, line)
        if cut >= 0 and found is None:
            block.end = start + cut
            return True
    return False


def _ends(block: _Block, found: re.Match[str]) -> bool:
    """Whether a fence closes a block or opens the next one."""
    indent = len(found[1].expandtabs(4))
    if indent > block.indent + _MAX_INDENT:
        return _tag(found[3])[0] == "python"
    return found[2].startswith(block.fence) if block.fence else True


def _read(block: _Block, line: str) -> int:
    """Follow the strings of Python in a line; where a fence is glued to code, -1 if none is."""
    place = 0
    while place < len(line):
        if block.quote:
            found = _STRING_ENDS[block.quote].match(line, place)
            if found is None:
                return -1
            block.quote, block.quoted, place = "", -1, found.end()
            continue
        found = _TOKEN.search(line, place)
        if found is None:
            return -1
        if found["fence"] and (block.fence or not line[found.end() :].strip()):
            return found.start() if found["fence"].startswith(block.fence or "```") else -1
        if found["quote"]:
            block.quote, block.quote_indent = found["quote"], len(line) - len(line.lstrip())
        place = found.end()
    return -1


def _reopened(block: _Block, line: str, following: int) -> _Block | None:
    """The block that the line which ends one opens: with a tag, or where text was no block."""
    found = _FENCE.fullmatch(line.rstrip("\r "))
    if found is None or (block.fence and not found[3].strip()):
        return None
    return _opened(line, following)


def _unclosed(block: _Block, text: str) -> Iterator[_Block]:
    """A string that never ends was none: then the first fence in it ends the block."""
    block.end = len(text)
    if block.quote and block.quoted >= 0:
        block.end = block.quoted
    elif block.short >= 0:
        block.end = block.short
    else:
        tail = re.search(r"(?:```+|~~~+)\s*\Z", text[max(block.start, len(text) - 200) :])
        block.end -= len(tail[0]) if tail else 0
    yield block


def _was_open(text: str, line: str, following: int) -> bool:
    """Whether the first fence closes a block that the prompt had opened.

    It is bare, and the fences after it make pairs of their own. A single one opens a block if code
    stands behind it.
    """
    first = _FENCE.fullmatch(line.rstrip("\r "))
    if first is not None and first[3].strip():
        return False
    count, tagged = 0, False
    for found in _FENCE_LINE.finditer(text, following):
        tagged = tagged or (not count and bool(found[3].strip()))
        count += 1
    if count:
        return tagged or count % 2 == 0
    return first is None or not _is_code(text[following:])


_FENCE_LINE = re.compile(rf"(?m)^(?! {{{_MAX_INDENT + 1}}}){_FENCE.pattern}$")


def _is_code(text: str) -> bool:
    """Whether the first line looks like code, not prose. One with # may be a comment or a heading:
    the next one decides."""
    for found in re.finditer(r"^(?!#)[^\n]*\S[^\n]*", text, re.M):
        return bool(_CODE.match(found[0]))
    return False


def complete(prompt: str, program: str, entry_point: str) -> str:
    """What a model made of the prompt of a function, as one program.

    A program that defines the function itself stands alone, and so does one after a prompt that has
    no head of that function; `before` says what of the prompt it still needs. All others go on
    where the prompt ends.
    """
    first = next((line for line in program.split("\n") if line.strip()), "")
    if first[:1] in (" ", "\t"):
        return prompt + program
    head = rf"^[ \t]*(?:(?:async[ \t]+)?def|class)[ \t]+{re.escape(entry_point)}\b"
    if defines(program, (entry_point,)) or not re.search(head, prompt, re.M):
        return program
    return prompt + program


def before(prompt: str, program: str = "") -> list[str]:
    """What of a prompt a program needs (imports, helpers): sources, of which the first that
    compiles is to run; a prompt in prose has none."""
    if not prompt.strip() or program.startswith(prompt):
        return []
    return [prompt, finished(prompt)]


def finished(prompt: str) -> str:
    """A prompt that ends in the head and docstring of a function, with a body that does nothing."""
    last = next((line for line in reversed(prompt.split("\n")) if line.strip()), "")
    indent = last[: len(last) - len(last.lstrip())]
    opens = last.rstrip().endswith(":") and not last.lstrip().startswith("#")
    if not indent or opens:
        indent += "    "
    return f"{prompt.rstrip()}\n{indent}pass\n"
