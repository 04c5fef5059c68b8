"""World B: runs the data set's tests, on answers that a program gave in another world.

Runs inside the sandbox, as the main program. Standard input holds one JSON object: {"suite",
"calls", "answers"}. The tests run with stand-ins for the program's functions. As long as their
calls are those of the list, they get the answers; the first that is not, or has no answer yet, sets
the run adrift: from there on calls are only noted, and answered by something that agrees with
everything, so that as many as possible are noted at once. With "foresee" in the place of the lists
the run is adrift from the start, and a reference solution, if there is one, must pass the tests.

The one message, written as world A writes its own but after a token of the task, has "calls" (all,
in order), "answered" (how many got their answer) and "end":

    open      the run went adrift; "reason" is why it ended ("" at its end)
    passed    the tests are met
    failed    they are not; "reason" says how, "raised" whether the program's exception ended them
    broken    they cannot be run; "reason" says why

To "foresee", with a reference, it also has "reference" (why that fails, "" if it passes), "right"
(its answers) and "made" (how many calls it gets). Calls that depend on answers are not among those
foreseen: the program sees the list, and could read there what a right answer is.
"""

from __future__ import annotations

import ast
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from restem.rewards.programs.asserts import ASK, Plan, Unsplittable, bound, plan
from restem.rewards.programs.caller import line, run_prompt
from restem.rewards.programs.steady import steady
from restem.rewards.programs.talk import TOO_LONG, Broken, Call, Stop, Talk
from restem.rewards.programs.values import Json

Names = dict[str, object]
Suite = dict[str, Any]


class _Patient(ast.NodeTransformer):
    """Lets a failed assert pass while adrift, so that the calls after it are noted, too."""

    def visit_Assert(self, node: ast.Assert) -> ast.Try:
        guard = ast.parse("if not __pardon__(__error__): raise").body
        handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), "__error__", guard)
        return ast.Try([node], [handler], [], [])


def _compiled(tree: ast.Module, name: str) -> CodeType:
    return compile(ast.fix_missing_locations(tree), name, "exec", dont_inherit=True)


def _human_eval(suite: Suite, names: Names, talk: Talk) -> Iterator[Callable[[], object]]:
    """The steps of HumanEval: one call of `check`. What comes before it is the tests' fault."""
    candidate = talk.function(suite["entry_point"])
    run_prompt(suite["prompt"], names)
    names[suite["entry_point"]] = candidate
    tree = ast.parse(suite["test"])
    exec(_compiled(_Patient().visit(tree), "test.py"), names)
    check = names.get("check")
    if callable(check):
        yield lambda: check(candidate)
    elif not talk.seen:
        raise Broken("the test defines no function check")


def _mbpp(made: Plan, names: Names, talk: Talk) -> Iterator[Callable[[], object]]:
    """The steps of MBPP: its asserts."""
    exec(_compiled(made.setup, "setup.py"), names)
    names.update({name: __import__(name) for name in made.modules})
    names.update({name: talk.function(name) for name in made.functions})
    names.update({ASK.format(i): talk.site(source) for i, source in enumerate(made.sites)})
    for tree in made.asserts:
        code = _compiled(_Patient().visit(tree), "assert.py")
        yield lambda code=code: exec(code, names)  # type: ignore[misc]  # the loop's own code


def _reference(suite: Suite) -> Names | None:
    """The names of the data set's own solution, if there is one."""
    if not suite.get("reference"):
        return None
    names: Names = {"__name__": "reference"}
    run_prompt(suite["reference_prompt"], names)
    exec(_compiled(ast.parse(suite["reference"]), "reference.py"), names)
    return names


def check(
    suite: Suite, calls: list[Call], answers: list[Call], by_reference: bool = False
) -> dict[str, Json]:
    """Run the tests; the message. by_reference: the data set's own solution answers."""
    iterates = any("Iteration" in text for text in _texts(suite))
    talk = Talk(calls, answers)
    error: BaseException | None = None
    step = 0
    try:
        with steady():
            reference = _reference(suite) if by_reference else None
            talk = Talk(calls, answers, reference, iterates)
            for action in _steps(suite, talk):
                step += 1
                action()
    except BaseException as problem:  # noqa: BLE001  # of the tests or the program: becomes a row
        error = problem
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    error = talk.stopped or error
    early = bool(error) and not step and not talk.seen
    if _undefined(talk.undefined or error, suite, talk):
        error = talk.undefined or error
        return _message(talk, "broken", _reason(error))
    if early or isinstance(error, Broken):
        return _message(talk, "broken", _reason(error))
    end = "open" if talk.adrift else "failed" if error else "passed"
    return _message(talk, end, _reason(error)) | {"raised": bool(error) and error is talk.raised}


def _undefined(error: BaseException | None, suite: Suite, talk: Talk) -> bool:
    """Whether the tests use a name that neither they nor the program's functions explain. Tests
    that a reference passes do so only where an answer is wrong; and who answers could lead them
    there."""
    if type(error) is not NameError or not talk.guesses or talk.answered:
        return False
    ours = set[str]().union(*(bound(ast.parse(text)) for text in _texts(suite)))
    return not suite.get("reference") and error.name not in ours


def _texts(suite: Suite) -> list[str]:
    return [suite["test"]] if "test" in suite else [suite["setup"], *suite["asserts"]]


def foresee(suite: Suite) -> dict[str, Json]:
    """The calls that can be told beforehand, and what the reference makes of the tests."""
    message = check(suite, [], [])
    if message["end"] == "broken":
        return message
    again = message if message["reason"] == TOO_LONG else check(suite, [], [])
    for place, (call, other) in enumerate(zip(message["calls"], again["calls"], strict=False), 1):  # type: ignore[arg-type]  # lists
        if call != other:
            reason = f"they are not reproducible: call {place} differs"
            return message | {"end": "broken", "reason": reason}
    if not suite.get("reference"):
        return message
    told = check(suite, [], [], by_reference=True)
    right = told["guessed"] if told["calls"] == message["calls"] else []
    made = len(told["calls"]) if isinstance(told["calls"], list) else 0
    return message | {"reference": told["reason"], "right": right, "made": made}


def _steps(suite: Suite, talk: Talk) -> Iterator[Callable[[], object]]:
    names: Names = {"__name__": "test"}
    names["__pardon__"] = talk.pardon
    if "asserts" in suite:
        return _mbpp(plan(suite["setup"], list(suite["asserts"])), names, talk)
    return _human_eval(suite, names, talk)


def _reason(error: BaseException | None) -> str:
    if error is None or isinstance(error, (Stop, Unsplittable)):
        return str(error or "")
    return f"{type(error).__name__}: {error}".partition("\n")[0][:200].rstrip(": ")


def _message(talk: Talk, end: str, reason: str) -> dict[str, Json]:
    calls: list[Json] = list(talk.seen)
    guessed: list[Json] = list(talk.guessed)
    told: dict[str, Json] = {"end": end, "reason": reason, "calls": calls, "guessed": guessed}
    return told | {"answered": talk.answered}


def main() -> None:
    """Run once, write the message, leave at once.

    Tests may print what the program answered, so standard output goes nowhere; the message goes out
    another way, after a token that only this process and its host know.
    """
    task = json.loads(sys.stdin.buffer.read())
    out, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    token = task.pop("token")
    if "foresee" in task:
        message = foresee(task["suite"])
    else:
        message = check(task["suite"], task["calls"], task["answers"])
    data = line(message, token)
    while data:
        data = data[os.write(out, data) :]
    os._exit(0)
