"""One row of `restem grade`: a JSON text becomes something to judge, or says why it cannot be read.

The row's own JSON is kept wherever it can be: an id comes out as it came in, and tests reach the
reward as they were written. Numbers are never converted, so that no length of theirs is too much.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import ModuleType
from typing import NoReturn

from restem.core import plugins
from restem.core.errors import DataError
from restem.core.records import ERROR, Problem, Verdict

CODE, MATH = "code", "math"
LARGEST_EXPONENT = 400  # of a gold that is a number, such as 1e-7
MAX_WHY = 300  # characters
_BLANKS = re.compile(r"[ \t\n\r]*")
_ODD = re.compile(r"[^ -~]")


@dataclass(frozen=True, slots=True)
class Row:
    """Something to judge."""

    key: str
    """The id as JSON, as it was given."""
    text: str
    problem: Problem
    kind: str
    """The reward: `math` or `code`."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A row that nobody can judge."""

    key: str | None
    """None where not even the id can be read."""
    number: int
    """Its line, or its place in a request, from 1."""
    why: str


class BadRow(ValueError):
    """What is wrong with a row."""


class _Number(str):
    """A number as it was written."""


@dataclass(frozen=True, slots=True)
class Member:
    value: object
    raw: str


def read(text: str | bytes, number: int, where: str) -> Row | Unread:
    """One row. where: how `why` names the place. Never raises Exceptions: one row is one row."""
    found: dict[str, Member] = {}
    try:
        _parse(text, found)
        return _row(found, where)
    except BadRow as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001  # a reward reads the gold: boundary to plug-ins
        why = f"{type(error).__name__}: {error}"
    key = _key(found["id"]) if "id" in found else None
    return Unread(key, number, f"{where}: {printable(why)}"[:MAX_WHY])


def line(row: Row | Unread, verdict: Verdict, grader: str | None) -> str:
    """The row that comes out."""
    said: dict[str, object] = {
        "reward": verdict.reward, "outcome": verdict.outcome, "answer": verdict.answer,
        "detail": verdict.detail, "grader": grader,
    }  # fmt: skip
    if row.key is None:
        said["line"] = row.number
    return f'{{"id": {row.key or "null"}, {json.dumps(said)[1:]}'


def not_read(row: Unread) -> Verdict:
    """The verdict on a row that cannot be read: neither the solution's fault nor a judgement."""
    return Verdict(0.0, ERROR, None, f"row: {row.why}")


def members(text: str, decoder: json.JSONDecoder) -> Iterator[tuple[str, Member]]:
    """Name, value and own text of each member of a JSON object, up to a mistake.

    Raises: BadRow for what is no object, JSONDecodeError, RecursionError.
    """
    at = _after(text, 0)
    if text[at : at + 1] != "{":
        _, end = decoder.raw_decode(text, at)
        _check_end(text, end)
        raise BadRow(f"must be a JSON object, got {text[at:end][:60]}")
    at, more = _opened(text, at, "}")
    while more:
        if text[at : at + 1] != '"':
            raise json.JSONDecodeError("a name in double quotes is missing", text, at)
        name, end = decoder.raw_decode(text, at)
        at = _after(text, end)
        if text[at : at + 1] != ":":
            raise json.JSONDecodeError("a colon is missing", text, at)
        start = _after(text, at + 1)
        value, end = decoder.raw_decode(text, start)
        at, more = _next(text, end, "}")  # where the text ends here, a number may be cut off
        yield name, Member(value, text[start:end])
    _check_end(text, at)


def items(text: str) -> Iterator[str]:
    """The own text of each item of a JSON list. Raises: JSONDecodeError, RecursionError."""
    at, more = _opened(text, _after(text, 0), "]")
    while more:
        start = at
        _, end = LENIENT.raw_decode(text, start)
        at, more = _next(text, end, "]")
        yield text[start:end]
    _check_end(text, at)


def _opened(text: str, at: int, closing: str) -> tuple[int, bool]:
    """Where the first item after an opening bracket is; or where it ends, and that none comes."""
    at = _after(text, at + 1)
    return (at + 1, False) if text[at : at + 1] == closing else (at, True)


def _next(text: str, end: int, closing: str) -> tuple[int, bool]:
    """The same after an item."""
    at = _after(text, end)
    if text[at : at + 1] == closing:
        return at + 1, False
    if text[at : at + 1] != ",":
        raise json.JSONDecodeError(f"a comma or {closing} is missing", text, at)
    return _after(text, at + 1), True


def _after(text: str, at: int) -> int:
    """The place after blanks."""
    found = _BLANKS.match(text, at)
    assert found is not None  # it matches nothing, too
    return found.end()


def _check_end(text: str, end: int) -> None:
    if _after(text, end) != len(text):
        raise json.JSONDecodeError("more follows the value", text, end)


def _parse(text: str | bytes, found: dict[str, Member]) -> None:
    """Fill `found` with the members of a row, as far as it is JSON. Raises: BadRow."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")  # some editors leave a mark
        found.update(members(text, _STRICT))  # what stands before a mistake stays
    except UnicodeDecodeError as error:
        with suppress(ValueError, RecursionError):
            found.update(members(error.object[: error.start].decode("utf-8-sig"), _STRICT))
        raise BadRow(f"no UTF-8 ({error.reason}, byte {error.start + 1})") from None
    except json.JSONDecodeError as error:
        raise BadRow(f"no JSON ({error.msg}, character {error.pos + 1})") from None
    except RecursionError:
        raise BadRow("nested too deeply") from None


def _row(found: dict[str, Member], where: str) -> Row:
    """Raises: BadRow, and what a reward makes of the gold."""
    id_, text = _member(found, "id"), _member(found, "text")
    key = _key(id_)
    if key is None:
        raise BadRow("id must be text, a number, true, false or null")
    if isinstance(text.value, _Number) or not isinstance(text.value, str):
        raise BadRow(f"text must be text, got {text.raw[:60]}")
    kind = _kind(found)
    gold = _tests(found["tests"]) if kind == CODE else _gold(found["gold"])
    problem = Problem(where, "grade", "grade", "", 0, "", "", (), gold, None)
    if kind == MATH:
        _check_gold(problem, found["gold"].raw)
    return Row(key, text.value, problem, kind)


def _kind(found: dict[str, Member]) -> str:
    """The reward. One of gold and tests may be null: tables have both columns. Raises: BadRow."""
    there = [name for name in ("gold", "tests") if name in found]
    if len(there) == 2:
        there = [name for name in there if found[name].value is not None]
    if len(there) != 1:
        got = "both" if there else "neither"
        raise BadRow(f"needs gold (an answer) or tests (for a program), got {got}")
    return CODE if there == ["tests"] else MATH


def _member(found: dict[str, Member], name: str) -> Member:
    if name not in found:
        there = ", ".join(found) or "nothing"
        raise BadRow(f"{name} is missing, there is {there}")
    return found[name]


def _key(member: Member) -> str | None:
    """An id as JSON in ASCII, None for one that is a list or an object."""
    if isinstance(member.value, (list, dict)):
        return None
    if isinstance(member.value, str) and not isinstance(member.value, _Number):
        return json.dumps(member.value)
    return member.raw


def _gold(gold: Member) -> str:
    """A number is taken as the text it was written as, but never in scientific notation."""
    answer = gold.value
    if isinstance(answer, _Number) and not re.fullmatch(r"-?\d+", answer):
        try:
            number = Decimal(answer)
            answer = format(number, "f") if abs(number.adjusted()) <= LARGEST_EXPONENT else None
        except ArithmeticError:  # an exponent of 19 digits
            answer = None
    if not isinstance(answer, str):
        raise BadRow(f"gold must be text or a number of usual size, got {gold.raw[:60]}")
    return json.dumps({"answer": answer})


def _tests(tests: Member) -> str:
    if not isinstance(tests.value, dict):
        raise BadRow(f"tests must be a JSON object, got {tests.raw[:60]}")
    raw = tests.raw
    if None in tests.value.values():  # tables hold the names of all shapes, most of them null
        kept = {name: member for name, member in members(raw, _STRICT) if member.value is not None}
        parts = (f"{json.dumps(name)}: {member.raw}" for name, member in kept.items())
        raw = f"{{{', '.join(parts)}}}"
    return f'{{"tests": {raw}}}'


def _check_gold(problem: Problem, raw: str) -> None:
    """Raises: BadRow for a gold in which there is nothing to compare with."""
    try:
        _math().gold_text(problem)
    except DataError:
        raise BadRow(f"gold holds no answer: {raw[:60]}") from None


@cache
def _math() -> ModuleType:
    return plugins.load("reward", MATH)


def _no_number(name: str) -> NoReturn:
    raise BadRow(f"{name} is no JSON number")


def printable(why: str) -> str:
    """One line in ASCII: a row's own characters must not reach a terminal."""
    return _ODD.sub(lambda found: found[0].encode("unicode_escape").decode(), " ".join(why.split()))


_STRICT = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_no_number)
LENIENT = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_Number)
"""Takes NaN, too."""
