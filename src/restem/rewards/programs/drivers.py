"""What is sent into the sandbox, each driver as one source text, and how to read what it says."""

from __future__ import annotations

import ast
import base64
import inspect
import json
import marshal
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType

from restem.rewards.programs import (
    asserts,
    caller,
    checker,
    layout,
    library,
    sets,
    steady,
    talk,
    things,
    values,
)
from restem.rewards.programs.values import MAX_NESTED, Json
from restem.rewards.sandbox.client import Box, BoxFault, Budget, Limits, Program

Message = dict[str, Json]
MAX_MESSAGE = 32 << 20  # characters
MAX_MEMORY = 512 << 20
"""Bytes that the messages of one run may take here, about, until they are handed on."""
_PER_MARK = {b"{": 190, b"[": 64, b",": 40, b'"': 20}
_COPIES = 5  # of the characters: read, written for the hash and the other world, each as bytes

_BUNDLE = """import marshal, sys, types
for name, code in marshal.loads(bytes.fromhex("{data}")):
    module = sys.modules[name] = types.ModuleType(name)
    exec(code, module.__dict__)
module.main()
"""


_DATA = sets, library, values  # what both worlds know of data


@contextmanager
def opened(
    box: Box, source: str, limits: Limits, budget: Budget | None = None
) -> Iterator[Program]:
    """A world with a driver in it. Raises: BoxFault, also if the driver does not get that far."""
    with box.program(source, limits, budget) as world:
        if world.compile_error is not None:
            raise BoxFault(f"the driver does not compile: {world.compile_error}")
        yield world


@lru_cache
def caller_source() -> str:
    """World A."""
    return _bundle(*_DATA, caller)


@lru_cache
def checker_source() -> str:
    """World B."""
    return _bundle(*_DATA, caller, asserts, things, talk, steady, checker)


@lru_cache
def layout_source() -> str:
    """Which programs are the same up to layout."""
    return _bundle(layout)


def for_text(source: str, text: str) -> str:
    """The driver's source, in a zygote that has numpy loaded if the text, programs and tests, may
    need it: `Box.program` looks for the word."""
    return source + "# numpy\n" if "numpy" in text else source


def _bundle(*modules: ModuleType) -> str:
    """A source that brings modules along, compiled: the sandbox runs this very interpreter. Each
    imports only those before it; the last one is the driver. In hexadecimal digits it is the
    quickest to compile, once per program, and holds no word by chance."""
    compiled = [
        (module.__name__, compile(_undocumented(module), module.__name__, "exec"))
        for module in modules
    ]
    return _BUNDLE.format(data=marshal.dumps(compiled).hex())


def _undocumented(module: ModuleType) -> ast.Module:
    """A module without docstrings."""
    tree = ast.parse(inspect.getsource(module))
    kinds = (ast.Module, ast.FunctionDef, ast.ClassDef)
    for node in (node for node in ast.walk(tree) if isinstance(node, kinds)):
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.fix_missing_locations(tree)


def messages(stdout: bytes, most: int = 1, token: str = "") -> list[Message]:
    """The first JSON objects, `most` at most, that stand in lines of their own after the byte 1E
    and the token.

    What cannot be read ends the list: its writer was stopped there, or was no driver of ours. So
    does what would take too much memory here: compressed, a few bytes can say that.
    """
    found: list[Message] = []
    left = MAX_MEMORY
    for part in stdout.split(b"\n" + caller.MARK + token.encode(), most)[1:]:
        line, end, _ = part.partition(b"\n")
        text = _inflated(line) if end else None
        if text is None:
            return found
        left -= _COPIES * len(text) + sum(n * text.count(mark) for mark, n in _PER_MARK.items())
        message = _read(text) if left >= 0 else None
        if not isinstance(message, dict):
            return found
        found.append(message)
    return found


def _inflated(line: bytes) -> bytes | None:
    """None for what no driver wrote, or is too long."""
    if not line.startswith(b"z"):
        return line
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(base64.b64decode(line[1:]), MAX_MESSAGE)
    except (ValueError, zlib.error):
        return None
    return None if inflater.unconsumed_tail else text


def _read(text: bytes) -> Json:
    """None for what no driver wrote: nested too deep to be handed on, or no JSON."""
    try:
        message: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return message if _depth_within(message, MAX_NESTED) else None


def _depth_within(message: Json, most: int) -> bool:
    level: list[Json] = [message]
    for _ in range(most):
        level = [
            part
            for whole in level
            if isinstance(whole, (list, dict))
            for part in (whole.values() if isinstance(whole, dict) else whole)
            if isinstance(part, (list, dict))
        ]
        if not level:
            return True
    return False


PRELUDE = """import bisect, collections, copy, functools, heapq, itertools, math, operator, random
import re, string, sys, time
from bisect import bisect_left, bisect_right
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from fractions import Fraction
from functools import cmp_to_key, lru_cache, reduce
from heapq import heapify, heappop, heappush
from itertools import accumulate, combinations, groupby, permutations, product
from math import ceil, cos, exp, fabs, floor, gcd, inf, log, log2, sin, sqrt, tan
from typing import Any, Deque, Dict, FrozenSet, Iterable, Iterator, List, Optional, Sequence, Set
from typing import Tuple, Union
"""
"""What a call-based program of APPS may use without importing it."""

NUMPY = """try:
    import numpy as np
except ImportError:
    pass
"""
