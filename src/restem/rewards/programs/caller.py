"""World A: runs a program on calls and writes down what comes back. It never sees a test.

Runs inside the sandbox, as the main program. The program under test is the module `solution`, so
that its `__main__` block stays out. Standard input holds one JSON object: {"program", "prelude"
(runs before it), "prompt" (sources; the first that compiles runs before it, too), "setup" (runs
after it), "calls"}. A call is {"f": name, "a": arguments, "k": [[name, argument], ...]}, {"x":
source of an expression}, or {"o": number of an object that an earlier call returned, "m": name of
its attribute}, which is called if there are "a" and "k". With "solution": true in the task, f may
be a method of the class Solution, and results travel plain.

Each message is a line of JSON after the byte 1E, written at once, so that what was answered before
a crash or a limit is known:

    {"fault": [stage, reason]}    the program does not get as far as the calls, then nothing follows
    {"value": v, "changed": c}    a call returned; c has the arguments it changed, by position; with
                                  "same": i if v is the very list, dict or set given as argument i
    {"raised": [type, text]}      a call raised; type is the nearest built-in one
    {"refused": reason}           a call returned what is no data, or too much of it

What is no data but an object of the program stays here, as one of `Kept`. A program can forge all
of these; it can thereby say nothing that it could not return. A long message is compressed.
"""

from __future__ import annotations

import builtins
import json
import os
import random
import sys
import types
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from restem.rewards.programs.library import key_of
from restem.rewards.programs.values import MAX_ARGUMENT, Json, Refused, decode, encode

MARK = b"\x1e"
_TEXT = 200
_CHANGEABLE = (list, dict, set, bytearray, tuple, deque)
_LONG = 1 << 19  # bytes
_FEATURES = 0x1FE0000  # CO_FUTURE_*, of cpython/Include/cpython/code.h


def main() -> None:
    """Answer the calls, then leave at once: threads and exit handlers no longer matter."""
    task = json.loads(sys.stdin.buffer.read())
    emit = _emitter()
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    random.seed(0)
    if _load(task, module.__dict__, emit):
        kept = None if "solution" in task else Kept()
        for call in task["calls"]:
            emit(answer(call, module.__dict__, kept))
    os._exit(0)


def line(message: Json, token: str = "") -> bytes:
    """A message as it is written."""
    data = json.dumps(message, separators=(",", ":")).encode()
    if len(data) > _LONG:
        import base64  # few messages are long: the others need not wait for this
        import zlib

        data = b"z" + base64.b64encode(zlib.compress(data, 1))
    return b"\n" + MARK + token.encode() + data + b"\n"


def _emitter() -> Callable[[Json], None]:
    """A writer to a descriptor of its own: the program may close its standard output."""
    out, written, write = os.dup(1), line, os.write

    def emit(message: Json) -> None:
        data = written(message)
        while data:
            data = data[write(out, data) :]

    return emit


def _load(task: dict[str, Any], names: dict[str, object], emit: Callable[[Json], None]) -> bool:
    """Whether program and set-up ran; if not, says what went wrong."""
    exec(task["prelude"], names)
    stage = "prompt"
    try:
        features = run_prompt(task["prompt"], names) & _FEATURES
        stage = "compile"
        code = compile(task["program"], "solution.py", "exec", features, dont_inherit=True)
        stage = "load"
        exec(code, names)
        stage = "setup"
        exec(compile(task["setup"], "setup.py", "exec", dont_inherit=True), names)
    except Exception as error:  # noqa: BLE001  # of the program under test: becomes a row
        reason = _compile_error(error) if stage == "compile" else type(error).__name__
        emit({"fault": [stage, reason]})
        return False
    return True


def run_prompt(sources: Sequence[str], names: dict[str, object]) -> int:
    """Run the first that compiles, and tell the flags of its code; a prompt may be prose, and prose
    may compile."""
    for source in sources:
        try:
            code = compile(source, "prompt.py", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
            continue
        with suppress(NameError):
            exec(code, names)
        return code.co_flags
    return 0


def _compile_error(error: BaseException) -> str:
    where = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}{where}"[:_TEXT]


class Kept:
    """Objects of the program that calls returned and that are no data. Their numbers are told."""

    def __init__(self) -> None:
        self._objects: list[object] = []
        self._numbers: dict[int, int] = {}
        self._telling: set[int] = set()

    def keep(self, value: object) -> Json:
        """[number, truth, name of the type, what makes it equal to others], see `things`."""
        number = self._numbers.setdefault(id(value), len(self._objects))
        if number == len(self._objects):
            self._objects.append(value)
        try:
            truth: Json = bool(value)
        except Exception:  # noqa: BLE001  # of the program under test: it has no truth then
            truth = None
        return [number, truth, type(value).__name__, self._key(value, number)]

    def _key(self, value: object, number: int) -> Json:
        if number in self._telling:
            return None
        self._telling.add(number)
        try:
            return encode(key_of(value), keep=self.keep)
        finally:
            self._telling.discard(number)

    def find(self, told: Json) -> object:
        """Raises: ValueError."""
        number = told[0] if isinstance(told, list) and told else told
        if type(number) is not int or not 0 <= number < len(self._objects):
            raise ValueError("no object of this number")
        return self._objects[number]


def answer(
    call: dict[str, Json], names: dict[str, object], kept: Kept | None = None
) -> dict[str, Json]:
    """One message. Nothing kept: results travel plain, and a call may be of a method of the class
    Solution.

    Exits of the program are no exceptions here: they end the process.
    """
    try:
        if "x" in call:
            result = eval(str(call["x"]), names)
            return {"value": encode(result, keep=kept.keep if kept else None)}
        if "o" not in call:
            return _called(call, _function(str(call["f"]), names, kept is None), kept)
        assert kept is not None
        found = getattr(kept.find(call["o"]), str(call["m"]))
        if "a" in call:
            return _called(call, found, kept)
        return {"value": encode(found, keep=kept.keep), "changed": {}}
    except Refused as error:
        return {"refused": str(error)[:_TEXT]}
    except Exception as error:  # noqa: BLE001  # of the program under test: becomes a row
        return {"raised": [_builtin(type(error)), str(error)[:_TEXT]]}


def _called(
    call: dict[str, Json], function: Callable[..., object], kept: Kept | None
) -> dict[str, Json]:
    arguments, keywords = call["a"], call["k"]
    assert isinstance(arguments, list)
    assert isinstance(keywords, list)
    if kept is None:
        result = function(*[decode(argument) for argument in arguments])
        return {"value": encode(result), "changed": {}}
    given = [decode(argument, kept.find) for argument in arguments]
    pairs = [pair for pair in keywords if isinstance(pair, list)]
    named = {str(pair[0]): decode(pair[1], kept.find) for pair in pairs}
    result = function(*given, **named)
    value = encode(result, keep=kept.keep)
    return {"value": value} | _seen(result, given, arguments, kept)


def _seen(result: object, given: list[object], before: list[Json], kept: Kept) -> dict[str, Json]:
    """What a caller can see in its arguments after a call."""
    changed: dict[str, Json] = {}
    same: dict[str, Json] = {}
    for place, (argument, was) in enumerate(zip(given, before, strict=True)):
        if isinstance(argument, _CHANGEABLE) or type(argument).__module__ == "numpy":
            after = encode(argument, MAX_ARGUMENT, kept.keep)
            changed |= {} if after == was else {str(place): after}
            same |= {"same": place} if argument is result and not isinstance(result, tuple) else {}
    return {"changed": changed} | same


def _function(name: str, names: dict[str, object], methods: bool) -> Callable[..., object]:
    """A function of the program; with `methods`, rather one of its class Solution."""
    solution = names.get("Solution") if methods else None
    if isinstance(solution, type) and hasattr(solution, name):
        found = getattr(solution(), name)
    elif name in names:
        found = names[name]
    else:
        found = getattr(builtins, name, None)
    if not callable(found):
        raise NameError(f"name {name!r} is not defined")
    function: Callable[..., object] = found
    return function


def _builtin(kind: type[BaseException]) -> str:
    """The nearest built-in type of an exception."""
    return next(base.__name__ for base in kind.__mro__ if base.__module__ == "builtins")
