"""The program in a solution text, by lines of Markdown; nothing is parsed or run.

A text without code fences is the program. Else one of its blocks is: those tagged as Python or not
tagged count, blocks of other languages do not. A bare fence that closes what the prompt had opened
ends a block that began with the text. Linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"( *+)```++[ \t]*+\{?\.?([\w+#-]*+)[^`]*+")
_CODE = re.compile(
    r"[ \t]|@|(?:def|class|import|from|for|while|if|with|try|print|return|async|global)\b"
    r"|[\w.\[\]]++(?:, ?[\w.\[\]]++)*+ ?[-+*/]?=(?!=)|\w++\("
)
_PYTHON = ("python", "py", "python3")
_MAX_INDENT = 3  # CommonMark: with more it is no fence


@dataclass(frozen=True, slots=True)
class _Fence:
    line: int
    indent: int
    tag: str


def extract(text: str, names: Collection[str] = ()) -> str:
    """The program, "" if there is none.

    names: functions and classes that the tests call; the last block that defines one of them is the
    program. Without such a block (or without names) it is the last block tagged as Python, else the
    last without a tag.
    """
    if "```" not in text:
        return text
    lines = text.split("\n")
    fences = _fences(lines)
    if not fences:
        return text
    if _began_with_text(lines, fences):
        return "\n".join(lines[: fences[0].line])
    blocks = [(tag, code) for tag, code in _blocks(lines, fences) if tag in ("", *_PYTHON)]
    defining = [code for _, code in blocks if names and defines(code, names)]
    tagged = [code for tag, code in blocks if tag]
    chosen = defining or tagged or [code for _, code in blocks]
    return chosen[-1] if chosen else ""


def defines(program: str, names: Collection[str]) -> bool:
    """Whether a line of the program, at its left edge, defines one of these names."""
    found = re.findall(r"^(?:(?:async[ \t]+)?def|class)[ \t]+(\w+)|^(\w+)[ \t]*=", program, re.M)
    return not set(names).isdisjoint(name for pair in found for name in pair if name)


def _blocks(lines: list[str], fences: list[_Fence]) -> Iterator[tuple[str, str]]:
    """Tag and code of each block; one that is not closed ends with the next one or the text."""
    ends = [fence.line for fence in fences[1:]] + [len(lines)]
    is_open = False
    for fence, end in zip(fences, ends, strict=True):
        is_open = bool(fence.tag) or not is_open
        if is_open:
            code = lines[fence.line + 1 : end]
            yield fence.tag, "\n".join(_dedent(line, fence.indent) for line in code)


def _began_with_text(lines: list[str], fences: list[_Fence]) -> bool:
    """Whether the first fence closes a block that the prompt opened.

    It is bare, code stands before it, and the fences after it make pairs of their own.
    """
    first, *others = fences
    if first.tag or not _is_code(lines[: first.line]):
        return False
    if others:
        return bool(others[0].tag) or len(others) % 2 == 0
    return not _is_code(lines[first.line + 1 :])


def _is_code(lines: list[str]) -> bool:
    """Whether the first line looks like code, not prose. One with # may be a comment or a heading:
    the next one decides."""
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    return bool(_CODE.match(first))


def _fences(lines: list[str]) -> list[_Fence]:
    """Lines of backticks. Those far to the right are part of a docstring, say, unless one of them
    names the language: then the text is a list with code in it."""
    fences = []
    for number, line in enumerate(lines):
        found = _FENCE.fullmatch(line.rstrip()) if "```" in line else None
        if found is not None:
            fences.append(_Fence(number, len(found[1]), found[2].lower()))
    if any(fence.indent > _MAX_INDENT and fence.tag in _PYTHON for fence in fences):
        return fences
    return [fence for fence in fences if fence.indent <= _MAX_INDENT]


def _dedent(line: str, indent: int) -> str:
    return line[indent:] if indent and line[:indent].isspace() else line


def complete(prompt: str, program: str, entry_point: str) -> str:
    """The prompt of a function and what a model made of it, as one program.

    A program that defines the function itself gets what else stands in the prompt (imports,
    helpers) put before it; all others go on where the prompt ends.
    """
    first = next((line for line in program.split("\n") if line.strip()), "")
    if first[:1] in (" ", "\t") or not defines(program, (entry_point,)):
        return prompt + program
    return f"{finished(prompt)}\n\n{program}"


def finished(prompt: str) -> str:
    """A prompt that ends in the head and docstring of a function, with a body that does nothing."""
    last = next((line for line in reversed(prompt.split("\n")) if line.strip()), "")
    indent = last[: len(last) - len(last.lstrip())]
    opens = last.rstrip().endswith(":") and not last.lstrip().startswith("#")
    if not indent or opens:
        indent += "    "
    return f"{prompt.rstrip()}\n{indent}pass\n"
