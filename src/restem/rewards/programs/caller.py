"""World A: runs a program on calls and writes down what comes back. It never sees a test.

Runs inside the sandbox, as the main program. The program under test is the module `solution`, so
that its `__main__` block stays out. Standard input holds one JSON object: {"program", "prelude"
(runs before it), "setup" (runs after it), "calls"}; a call is {"f": name, "a": arguments, "k":
[[name, argument], ...]} or {"x": source of an expression}; with "solution": true in the task, f may
be a method of the class Solution.

Each message is a line of JSON after the byte 1E, written at once, so that what was answered before
a crash or a limit is known:

    {"fault": [stage, reason]}    the program does not get as far as the calls, then nothing follows
    {"value": v, "changed": c}    a call returned; c has the arguments it changed, by position; with
                                  "same": i if v is the very list, dict or set given as argument i
    {"raised": [type, text]}      a call raised; type is the nearest built-in one
    {"refused": reason}           a call returned what is no plain data

A program can forge all of these; it can thereby say nothing that it could not return.
"""

from __future__ import annotations

import builtins
import json
import os
import random
import sys
import types
from collections.abc import Callable

from restem.rewards.programs.values import MAX_ARGUMENT, Json, Refused, decode, encode

MARK = b"\x1e"
_TEXT = 200


def main() -> None:
    """Answer the calls, then leave at once: threads and exit handlers no longer matter."""
    task = json.loads(sys.stdin.buffer.read())
    emit = _emitter()
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    random.seed(0)
    if _load(task, module.__dict__, emit):
        for call in task["calls"]:
            emit(answer(call, module.__dict__, "solution" in task))
    os._exit(0)


def _emitter() -> Callable[[Json], None]:
    """A writer to a descriptor of its own: the program may close its standard output."""
    out, dumps, write = os.dup(1), json.dumps, os.write

    def emit(message: Json) -> None:
        data = b"\n" + MARK + dumps(message).encode() + b"\n"
        while data:
            data = data[write(out, data) :]

    return emit


def _load(task: dict[str, str], names: dict[str, object], emit: Callable[[Json], None]) -> bool:
    """Whether program and set-up ran; if not, says what went wrong."""
    exec(task["prelude"], names)
    try:
        code = compile(task["program"], "solution.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        emit({"fault": ["compile", _compile_error(error)]})
        return False
    setup = compile(task["setup"], "setup.py", "exec", dont_inherit=True)
    for stage, part in (("load", code), ("setup", setup)):
        try:
            exec(part, names)
        except Exception as error:  # noqa: BLE001  # of the program under test: becomes a row
            emit({"fault": [stage, type(error).__name__]})
            return False
    return True


def _compile_error(error: BaseException) -> str:
    where = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}{where}"[:_TEXT]


def answer(
    call: dict[str, Json], names: dict[str, object], methods: bool = False
) -> dict[str, Json]:
    """One message. methods: a call may be of a method of the class Solution.

    Exits of the program are no exceptions here: they end the process.
    """
    try:
        if "x" in call:
            return {"value": encode(eval(str(call["x"]), names))}
        return _called(call, _function(str(call["f"]), names, methods), watch=not methods)
    except Refused as error:
        return {"refused": str(error)[:_TEXT]}
    except Exception as error:  # noqa: BLE001  # of the program under test: becomes a row
        return {"raised": [_builtin(type(error)), str(error)[:_TEXT]]}


def _called(call: dict[str, Json], function: Callable[..., object], watch: bool) -> dict[str, Json]:
    """watch: whether to look for changed arguments."""
    arguments, keywords = call["a"], call["k"]
    assert isinstance(arguments, list)
    assert isinstance(keywords, list)
    given = [decode(argument) for argument in arguments]
    named = {str(pair[0]): decode(pair[1]) for pair in keywords if isinstance(pair, list)}
    result = function(*given, **named)
    value = encode(result)
    if watch:
        return {"value": value} | _seen(result, given, arguments)
    return {"value": value, "changed": {}}


def _seen(result: object, given: list[object], arguments: list[Json]) -> dict[str, Json]:
    """What a caller can see in its arguments after a call."""
    changed: dict[str, Json] = {}
    same: dict[str, Json] = {}
    for place, (argument, before) in enumerate(zip(given, arguments, strict=True)):
        if isinstance(argument, (list, dict, set, bytearray, tuple)):
            after = encode(argument, MAX_ARGUMENT)
            changed |= {} if after == before else {str(place): after}
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
