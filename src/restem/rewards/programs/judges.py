"""Judges of APPS: one fresh process per test, in the order given, until the first failure.

What is expected stays in this process; programs see inputs alone.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from restem.core.records import COMPILE_ERROR, CORRECT, RUNTIME_ERROR, WRONG
from restem.rewards.programs import compare, drivers
from restem.rewards.programs.rulings import Ruling, fault
from restem.rewards.programs.suites import CallSuite, StdinSuite
from restem.rewards.programs.values import Json
from restem.rewards.sandbox.client import Box, Limits, Run

MAX_PRINTED = 1 << 20  # bytes
_NUMPY = re.compile(r"\bnp\b")


def judge_stdin(box: Box, program: str, suite: StdinSuite, limits: Limits, strict: bool) -> Ruling:
    """Of a program that reads standard input and prints. Raises: BoxFault."""
    same = compare.same_output_strict if strict else compare.same_output
    with box.program(program, limits) as world:
        if world.compile_error is not None:
            return Ruling(COMPILE_ERROR, world.compile_error)
        slowest_s = 0.0
        for number, (given, expected) in enumerate(
            zip(suite.inputs, suite.outputs, strict=True), 1
        ):
            run = world.run(given.encode(errors="surrogatepass"))
            slowest_s = max(slowest_s, run.cpu_s)
            ruling = fault(run, limits)
            if len(run.stdout) > MAX_PRINTED:
                ruling = Ruling(RUNTIME_ERROR, "over 1 MB of output")
            if ruling is None and not same(expected, run.stdout.decode(errors="backslashreplace")):
                ruling = Ruling(WRONG, "wrong output")
            if ruling is not None:
                return _at(number, len(suite.inputs), ruling)
    return _passed(len(suite.inputs), slowest_s)


def judge_calls(box: Box, program: str, suite: CallSuite, limits: Limits, strict: bool) -> Ruling:
    """Of a function, or a method of a class Solution. Raises: BoxFault."""
    prelude = drivers.PRELUDE + (drivers.NUMPY if _NUMPY.search(program) else "")
    task = {"program": program, "prelude": prelude, "prompt": [], "setup": "", "solution": True}
    source = drivers.for_text(drivers.caller_source(), prelude + program)
    with drivers.opened(box, source, limits) as world:
        slowest_s = 0.0
        for number, (arguments, expected) in enumerate(
            zip(suite.arguments, suite.results, strict=True), 1
        ):
            calls = [{"f": suite.function, "a": arguments, "k": []}]
            run = world.run(json.dumps({**task, "calls": calls}).encode())
            slowest_s = max(slowest_s, run.cpu_s)
            ruling = _judge_call(run, suite, expected, limits, strict)
            if ruling is not None and ruling.outcome == COMPILE_ERROR:
                break
            if ruling is not None:
                return _at(number, len(suite.arguments), ruling)
        else:
            return _passed(len(suite.arguments), slowest_s)
    return uncompiled(box, program, limits)


def uncompiled(box: Box, program: str, limits: Limits) -> Ruling:
    """Of a program in whose world somebody said that it does not compile: the program itself may
    have. Raises: BoxFault."""
    with box.program(program, limits) as world:
        if world.compile_error is None:
            return Ruling(RUNTIME_ERROR, "it says that it does not compile, and does")
        return Ruling(COMPILE_ERROR, world.compile_error)


def _judge_call(
    run: Run, suite: CallSuite, expected: Json, limits: Limits, strict: bool
) -> Ruling | None:
    """None if the one call of this run gave what is expected."""
    answers = drivers.messages(run.stdout)
    if not answers:
        return fault(run, limits) or Ruling(RUNTIME_ERROR, "ended before it returned")
    answer = answers[0]
    if "value" not in answer:
        return unanswered(answer)
    same = compare.same_result_strict if strict else compare.same_result
    if suite.exact and not strict:
        same = compare.same_value
    try:
        right = same(expected, answer["value"])
    except (ValueError, ArithmeticError, RecursionError):
        right = False
    return None if right else Ruling(WRONG, "wrong result")


def unanswered(answer: drivers.Message) -> Ruling:
    """What a message of world A means that holds no value."""
    if isinstance(answer.get("fault"), list):
        stage, reason = (*answer["fault"], "", "")[:2]  # type: ignore[misc]  # a list
        if stage == "compile":
            return Ruling(COMPILE_ERROR, str(reason))
        return Ruling(RUNTIME_ERROR, f"{stage}: {reason}")
    if isinstance(answer.get("raised"), list):
        return Ruling(RUNTIME_ERROR, str((*answer["raised"], "")[0]))  # type: ignore[misc]  # a list
    return Ruling(WRONG, f"it returned {answer.get('refused', 'nothing')}")


def _at(number: int, total: int, ruling: Ruling) -> Ruling:
    return replace(ruling, detail=f"test {number} of {total}: {ruling.detail}")


def _passed(total: int, slowest_s: float) -> Ruling:
    return Ruling(CORRECT, f"{total} test{'s' * (total > 1)} passed", cpu_s=slowest_s)
