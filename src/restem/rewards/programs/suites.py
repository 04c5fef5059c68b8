"""Tests as they stand in a gold text, checked: {"tests": {...}} in one of four shapes.

StdinSuite     APPS: texts for standard input and what must be printed
CallSuite      APPS with `fn_name`: arguments of a function and what it must return
PromptSuite    HumanEval: `test` defines check(candidate); a solution goes on from `prompt`
AssertSuite    MBPP: `setup` runs after the program, then the asserts

Each may hold "cpu_s", a time limit of its own for a test; `score.cpu_s` is the longest there is.
"""

from __future__ import annotations

import builtins
import json
import math
import re
from dataclasses import dataclass, replace

from restem.rewards.programs.values import MAX_ARGUMENT, Json, Refused, encode

MAX_OUTPUT = 1_000_000  # bytes a program may print; tests that expect more cannot be met
SHORTEST_S, LONGEST_S = 0.1, 3600.0  # of a time limit, as of score.cpu_s
MAX_DIGITS = 200_000
_FEW_DIGITS = 4000
_CALLED = re.compile(r"(?<![\w.])([A-Za-z_]\w*)[ \t]*\(")


class BadTests(ValueError):
    """Tests that cannot judge any program; the text says why."""


@dataclass(frozen=True, slots=True)
class StdinSuite:
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    cpu_s: float | None = None

    names = ()


@dataclass(frozen=True, slots=True)
class CallSuite:
    function: str
    arguments: tuple[list[Json], ...]
    """As `values.encode` writes them."""
    results: tuple[Json, ...]
    exact: bool = False
    """Whether an expected `[x]` is no x: they came as text, which says which of the two it is."""
    cpu_s: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.function, "Solution")


@dataclass(frozen=True, slots=True)
class PromptSuite:
    prompt: str
    entry_point: str
    test: str
    reference: str | None
    """A body that goes on from the prompt and passes the test."""
    cpu_s: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.entry_point,)


@dataclass(frozen=True, slots=True)
class AssertSuite:
    setup: str
    asserts: tuple[str, ...]
    cpu_s: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What the asserts call, besides builtins (or those, if they call nothing else)."""
        called = dict.fromkeys(_CALLED.findall("\n".join(self.asserts)))
        foreign = tuple(name for name in called if not hasattr(builtins, name))
        return foreign or tuple(called)


Suite = StdinSuite | CallSuite | PromptSuite | AssertSuite


def parse(gold: str) -> Suite:
    """Raises: BadTests."""
    try:
        tests = _loads(gold)["tests"]  # type: ignore[index, call-overload]  # TypeError if it has none
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BadTests('gold is no JSON like {"tests": {...}}') from None
    if not isinstance(tests, dict):
        raise BadTests("tests is no JSON object")
    return replace(_suite(tests), cpu_s=_limit(tests))


def _suite(tests: dict[str, Json]) -> Suite:
    if "inputs" in tests:
        return _apps(tests)
    if "entry_point" in tests:
        return _human_eval(tests)
    if "asserts" in tests:
        return _mbpp(tests)
    raise BadTests(
        "tests has neither inputs and outputs, nor prompt, entry_point and test, nor asserts"
    )


def _limit(tests: dict[str, Json]) -> float | None:
    value = tests.get("cpu_s")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadTests(f"cpu_s must be a number of seconds, got {str(value)[:40]!r}")
    if not SHORTEST_S <= value < math.inf:
        raise BadTests(f"cpu_s must be {SHORTEST_S} seconds or more, got {str(value)[:40]}")
    return float(min(value, LONGEST_S))


def _apps(tests: dict[str, Json]) -> StdinSuite | CallSuite:
    inputs, outputs, name = tests["inputs"], tests.get("outputs"), tests.get("fn_name")
    if not isinstance(inputs, list) or not isinstance(outputs, list):
        raise BadTests("inputs and outputs must be lists")
    if len(inputs) != len(outputs):
        raise BadTests(f"{len(inputs)} inputs, but {len(outputs)} outputs")
    if not inputs:
        raise BadTests("no tests")
    if not name:
        texts = tuple(_text(part, f"input {i}") for i, part in enumerate(inputs, 1))
        return StdinSuite(texts, tuple(_printed(part, i) for i, part in enumerate(outputs, 1)))
    if not isinstance(name, str) or not name.isidentifier():
        raise BadTests(f"fn_name {_shown(name)} is no name of a function")
    arguments = tuple(_arguments(part, i) for i, part in enumerate(inputs, 1))
    exact = all(isinstance(part, str) for part in inputs)
    results = tuple(_result(part) if exact else part for part in outputs)
    return CallSuite(name, arguments, results, exact)


def _result(part: Json) -> Json:
    """Of tests whose arguments are texts (LiveCodeBench): JSON as these are, else the text
    itself."""
    if not isinstance(part, str):
        return part
    try:
        return _loads(part)
    except (ValueError, RecursionError):
        return part


def _loads(text: str) -> Json:
    """JSON, with integers as long as anybody may need. Raises: ValueError, RecursionError."""
    value: Json = json.loads(text, parse_int=_integer)
    return value


def _integer(digits: str) -> int:
    """Python itself reads no more than 4,300 digits, and takes long for very many."""
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(digits)} digits")
    if len(digits) <= _FEW_DIGITS:
        return int(digits)
    sign, digits = (-1, digits[1:]) if digits[0] == "-" else (1, digits)
    half = len(digits) // 2
    shift: int = 10**half
    return sign * (_integer(digits[:-half]) * shift + _integer(digits[-half:]))


def _text(part: Json, where: str) -> str:
    """Text, or a list of lines."""
    if isinstance(part, list) and all(isinstance(line, str) for line in part):
        part = "\n".join(str(line) for line in part)
    if not isinstance(part, str):
        raise BadTests(f"{where} is neither text nor a list of lines")
    return part


def _printed(part: Json, number: int) -> str:
    text = _text(part, f"output {number}")
    if len(text) > MAX_OUTPUT:
        raise BadTests(f"output {number} is longer than the {MAX_OUTPUT} bytes one may print")
    return text


def _arguments(part: Json, number: int) -> list[Json]:
    """A list, or text with one JSON value a line."""
    if isinstance(part, str):
        try:
            part = [_loads(line) for line in part.split("\n") if line.strip()]
        except (ValueError, RecursionError):
            raise BadTests(f"input {number} is no JSON") from None
    if not isinstance(part, list):
        raise BadTests(f"input {number} is no list of arguments")
    try:
        return [encode(_keyed(argument, i), MAX_ARGUMENT) for i, argument in enumerate(part)]
    except Refused as error:
        raise BadTests(f"input {number}: {error}") from None


def _keyed(argument: Json, place: int) -> object:
    """APPS's harness: whole numbers as keys of the first argument had become text in JSON."""
    if place == 0 and isinstance(argument, dict) and argument and all(map(_is_number, argument)):
        return {int(key): value for key, value in argument.items()}
    return argument


def _is_number(key: str) -> bool:
    return re.fullmatch(r"-?(?:0|[1-9][0-9]{0,17})", key) is not None


def _human_eval(tests: dict[str, Json]) -> PromptSuite:
    prompt, name, test = (_str(tests, key) for key in ("prompt", "entry_point", "test"))
    if not name.isidentifier():
        raise BadTests(f"entry_point {_shown(name)} is no name of a function")
    if not test.strip():
        raise BadTests("no tests")
    reference = _str(tests, "canonical_solution") if tests.get("canonical_solution") else None
    return PromptSuite(prompt, name, test, reference)


def _mbpp(tests: dict[str, Json]) -> AssertSuite:
    asserts = tests["asserts"]
    if not isinstance(asserts, list) or not all(isinstance(line, str) for line in asserts):
        raise BadTests("asserts must be a list of texts")
    if not any(str(line).strip() for line in asserts):
        raise BadTests("no tests")
    setup = _str(tests, "setup") if tests.get("setup") else ""
    return AssertSuite(setup, tuple(str(line) for line in asserts))


def _str(tests: dict[str, Json], key: str) -> str:
    value = tests.get(key)
    if not isinstance(value, str):
        raise BadTests(f"{key} must be text, got {_shown(value)}")
    return value


def _shown(value: Json) -> str:
    """Of anything but text only the kind: an integer may be too long to be written."""
    return repr(value[:40]) if isinstance(value, str) else type(value).__name__
