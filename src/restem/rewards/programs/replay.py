"""HumanEval and MBPP: the program in world A, the data set's tests in world B, neither in ours.

    B, once per suite    which calls do the tests make, as far as one can tell without the program
    A                    the program's answers to these, in one process
    B                    the tests on these answers: passed, failed, or gone adrift at a call that
                         was not foreseen; then the list of calls is mended, and A starts again

Each round makes sure of one more call at least. Where a reference solution is given, it must pass
the tests; nothing that it answers ever enters A. Both start from `random.seed(0)` each time, B with
clocks of its own (`steady`), so that it asks the same again when it is answered the same.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from restem.core.records import COMPILE_ERROR, CORRECT, ERROR, RUNTIME_ERROR, TIME_LIMIT, WRONG
from restem.core.seeds import stable_hash
from restem.rewards.programs import drivers
from restem.rewards.programs.extract import before, complete
from restem.rewards.programs.judges import unanswered, uncompiled
from restem.rewards.programs.rulings import Ruling, fault
from restem.rewards.programs.suites import AssertSuite, PromptSuite
from restem.rewards.programs.values import Json
from restem.rewards.sandbox.client import Box, Budget, Limits, Run

MAX_ROUNDS = 400
_MAX_CPU = 4  # times the limit of one run, over all rounds

Calls = list[drivers.Message]


class BadSuite(Exception):
    """Tests that cannot judge any program."""

    def __init__(self, reason: str, again: bool = False) -> None:
        """again: whether the machine's load may be to blame."""
        super().__init__(reason)
        self.again = again


@dataclass(frozen=True, slots=True)
class Checked:
    """What world B found."""

    end: str
    reason: str
    calls: Calls
    answered: int
    raised: bool
    reference: str
    """Why the reference fails, "" if it does not or there is none."""
    right: Calls
    """Its answers to the calls."""
    made: int
    """How many calls the tests make of it."""
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Answered:
    """What world A said."""

    answers: Calls
    death: Ruling | None
    """How the program ended, if it did not answer all calls."""
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is known of a suite before, and from, the programs that were judged by it."""

    calls: Calls
    """Those its tests make, as far as one can tell without a program."""
    reference: int | None
    """How many calls they make of the reference, which passes; None without one."""
    verdicts: dict[str, Ruling] = field(default_factory=dict)
    """By calls and answers: many programs answer alike, the right ones above all."""

    @property
    def max_rounds(self) -> int:
        """Twice what a right program can need; without a reference, a guess."""
        return MAX_ROUNDS if self.reference is None else max(64, 2 * self.reference + 16)


def foresee(box: Box, suite: PromptSuite | AssertSuite, limits: Limits) -> Foreseen:
    """Raises: BoxFault, BadSuite for tests that judge nothing or fail with their own reference."""
    checked = _check(box, {"suite": _spoken(suite), "foresee": True}, limits)
    if isinstance(checked, Ruling):
        raise BadSuite(f"the tests cannot be run: {checked.detail}", checked.again)
    if checked.end == "broken" or (checked.end == "failed" and not checked.calls):
        raise BadSuite(f"the tests cannot be run: {checked.reason}")
    if not checked.calls:
        raise BadSuite("the tests never call the program")
    if checked.reference:
        raise BadSuite(f"the reference fails its own test: {checked.reference}")
    known = isinstance(suite, PromptSuite) and suite.reference is not None
    foreseen = Foreseen(checked.calls, checked.made if known else None)
    if checked.right:
        passed = replace(checked, end="passed", answered=len(checked.calls))
        foreseen.verdicts[stable_hash(checked.calls, checked.right)] = _verdict(passed)
    return foreseen


def judge_replay(
    box: Box,
    program: str,
    suite: PromptSuite | AssertSuite,
    limits: Limits,
    foreseen: Foreseen,
    tests: Limits,
) -> Ruling:
    """limits: of the program, in A; tests: of B, and of all rounds together. Raises: BoxFault."""
    calls, cpu_s, sure, slowest_s = foreseen.calls, 0.0, 0, 0.0
    budget = Budget(limits)
    earlier: list[tuple[drivers.Message, drivers.Message]] = []
    for _ in range(foreseen.max_rounds):
        said = _ask(box, program, suite, calls, limits, budget)
        slowest_s = max(slowest_s, said.cpu_s)
        if said.death and not said.answers:
            if said.death.outcome == COMPILE_ERROR:
                return uncompiled(box, program, limits)
            return said.death
        if _changed(earlier, list(zip(calls, said.answers, strict=False))):
            return Ruling(WRONG, "its answers to the same calls differ from run to run")
        earlier = list(zip(calls, said.answers, strict=False))
        key = stable_hash(calls, said.answers)
        if key in foreseen.verdicts:
            return replace(foreseen.verdicts[key], cpu_s=slowest_s)
        task = {"suite": _spoken(suite), "calls": calls, "answers": said.answers}
        checked = _check(box, task, tests)
        if isinstance(checked, Ruling):
            return _unchecked(checked, foreseen)
        if checked.end != "open":
            foreseen.verdicts[key] = _verdict(checked)
            return replace(foreseen.verdicts[key], cpu_s=slowest_s)
        place = checked.answered
        if said.death and place == len(said.answers) and checked.calls[place] == calls[place]:
            death = said.death
            return replace(death, detail=f"call {place + 1}: {death.detail}")
        if place < min(sure, len(said.answers)):  # the same answers, and another question
            return Ruling(WRONG, f"its answers make tests that differ: call {place + 1}")
        calls, cpu_s, sure = checked.calls, cpu_s + said.cpu_s + checked.cpu_s, place + 1
        if cpu_s > _MAX_CPU * tests.cpu_s:
            return Ruling(TIME_LIMIT, f"over {_MAX_CPU * tests.cpu_s:g} CPU s of calls, in turn")
    outcome = TIME_LIMIT if foreseen.reference is None else WRONG
    return Ruling(outcome, f"its answers lead the tests on and on: {sure} calls and no end")


def _unchecked(ended: Ruling, foreseen: Foreseen) -> Ruling:
    """World B ended without a word, on a full set of answers: those made it do so. Tests that a
    reference passes do end; with others it is a question of time."""
    late = ended.outcome == TIME_LIMIT and foreseen.reference is None
    outcome = TIME_LIMIT if late else WRONG
    return Ruling(outcome, f"its answers cannot be checked: {ended.detail}", ended.again)


def _changed(
    earlier: list[tuple[drivers.Message, drivers.Message]],
    now: list[tuple[drivers.Message, drivers.Message]],
) -> bool:
    """Whether a call got another answer than in the last round, all calls before it being equal."""
    for (call, answer), (call_now, answer_now) in zip(earlier, now, strict=False):
        if call != call_now:
            return False
        if answer != answer_now:
            return True
    return False


def _verdict(checked: Checked) -> Ruling:
    if checked.end == "passed":
        many = "s" * (checked.answered > 1)
        return Ruling(CORRECT, f"tests passed, {checked.answered} call{many}")
    if checked.end == "broken":  # nothing of the program has been used: no program can cause it
        return Ruling(ERROR, f"the tests cannot be run: {checked.reason}")
    outcome = RUNTIME_ERROR if checked.raised else WRONG
    return Ruling(outcome, f"call {checked.answered}: {checked.reason}")


def _ask(
    box: Box,
    program: str,
    suite: PromptSuite | AssertSuite,
    calls: Calls,
    limits: Limits,
    budget: Budget,
) -> Answered:
    setup = suite.setup if isinstance(suite, AssertSuite) else ""
    prompt = before(suite.prompt, program) if isinstance(suite, PromptSuite) else []
    task = {"program": program, "prelude": "", "prompt": prompt, "setup": setup, "calls": calls}
    run = _run(box, drivers.caller_source(), task, limits, budget)
    answers = drivers.messages(run.stdout, len(calls))
    if answers and "fault" in answers[0]:
        return Answered([], unanswered(answers[0]), run.cpu_s)
    if len(answers) == len(calls):
        return Answered(answers, None, run.cpu_s)
    death = fault(run, limits) or Ruling(RUNTIME_ERROR, "ended before it returned")
    return Answered(answers, death, run.cpu_s)


def _check(box: Box, task: Mapping[str, object], limits: Limits) -> Checked | Ruling:
    """What the tests say; a Ruling if their process ended without a word."""
    token = secrets.token_hex(16)
    run = _run(box, drivers.checker_source(), {**task, "token": token}, limits)
    said = drivers.messages(run.stdout, 1, token)
    if not said:
        return fault(run, limits) or Ruling(ERROR, "ended without a message")
    message = said[-1]
    answered = message["answered"]
    assert isinstance(answered, int)
    return Checked(
        end=str(message["end"]),
        reason=str(message["reason"]),
        calls=_objects(message["calls"]),
        answered=answered,
        raised=message.get("raised") is True,
        reference=str(message.get("reference", "")),
        right=_objects(message.get("right", [])),
        made=int(str(message.get("made", 0))),
        cpu_s=run.cpu_s,
    )


def _objects(value: Json) -> Calls:
    assert isinstance(value, list)
    return [part for part in value if isinstance(part, dict)]


def _run(
    box: Box,
    source: str,
    task: Mapping[str, object],
    limits: Limits,
    budget: Budget | None = None,
) -> Run:
    text = json.dumps(task)
    with drivers.opened(box, drivers.for_text(source, text), limits, budget) as world:
        return world.run(text.encode())


def _spoken(suite: PromptSuite | AssertSuite) -> dict[str, object]:
    """A suite as `checker` reads it."""
    if isinstance(suite, AssertSuite):
        return {"setup": suite.setup, "asserts": list(suite.asserts)}
    reference = ""
    if suite.reference is not None:
        reference = complete(suite.prompt, suite.reference, suite.entry_point)
    return {
        "prompt": before(suite.prompt),
        "entry_point": suite.entry_point,
        "test": suite.test,
        "reference_prompt": before(suite.prompt, reference),
        "reference": reference,
    }
