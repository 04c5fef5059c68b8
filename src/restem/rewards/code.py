"""Reward 1 for a program that passes its tests, else 0.

    text -> extract -> judge, in a sandbox
            stdin and call-based tests (APPS), check functions (HumanEval), asserts (MBPP)

Gold is JSON: {"tests": {...}}, see `programs/suites.py`. The judge never shares a process with the
program, and what is expected never enters the program's world. Each program runs once per tests.

Tests may hold a time limit of their own, "cpu_s", which `prepare` takes from the references.

Verdicts: correct; wrong; no_answer (no program in the text); truncated (reasoning that never ends);
compile_error, runtime_error, time_limit, by CPU time; and error, a fault of the sandbox or of the
tests, never of the program.
`answer` is the program as it ran. `detail` says where it failed: "test 3 of 10: wrong output".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from restem.core.params import Machine, Score
from restem.core.records import (
    COMPILE_ERROR,
    CORRECT,
    ERROR,
    NO_ANSWER,
    TRUNCATED,
    Problem,
    Verdict,
)
from restem.rewards.programs import drivers, paces
from restem.rewards.programs.crew import Job, run_all, run_one
from restem.rewards.programs.extract import complete, extract
from restem.rewards.programs.judges import judge_calls, judge_stdin
from restem.rewards.programs.replay import BadSuite, Foreseen, foresee, judge_replay
from restem.rewards.programs.rulings import Ruling
from restem.rewards.programs.suites import (
    AssertSuite,
    BadTests,
    CallSuite,
    PromptSuite,
    StdinSuite,
    Suite,
    parse,
)
from restem.rewards.reply import reply
from restem.rewards.sandbox.client import Box, BoxFault, Limits
from restem.rewards.sandbox.tiers import describe, open_boxes

VERSION = "code-2"

MAX_PROGRAM = 1_000_000  # characters
MAX_TEXT = 2 * MAX_PROGRAM
MAX_DETAIL = 200

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_NOTHING = Verdict(0.0, NO_ANSWER, None, "no program")
_UNFINISHED = Verdict(0.0, TRUNCATED, None, "the reasoning never ends")


@contextmanager
def open_reward(score: Score, machine: Machine) -> Iterator[CodeReward]:
    """The code reward, with its sandboxes. Raises: SandboxError if none works here."""
    with open_code_reward(score, machine) as reward:
        yield reward


@contextmanager
def open_code_reward(score: Score, machine: Machine, strict: bool = False) -> Iterator[CodeReward]:
    """strict: printed text must be equal up to blanks at the ends of lines, results of calls equal
    in type; for the audit. Raises: SandboxError."""
    with open_boxes(score.sandbox, score.unsafe_no_sandbox, machine.workers) as boxes:
        yield CodeReward(boxes, Limits(score.cpu_s, score.memory_mb), strict)


def gold_text(problem: Problem) -> None:
    """The gold of a program is tests: no solution can be made of it."""


class CodeReward:
    """Remembers every ruling."""

    def __init__(self, boxes: Sequence[Box], limits: Limits, strict: bool = False) -> None:
        self.grader = f"{VERSION} {'strict ' if strict else ''}{describe(boxes)}"
        self._boxes, self._limits, self._strict = boxes, limits, strict
        self._suites: dict[str, Suite | BadTests] = {}
        self._foreseen: dict[str, Foreseen | BadSuite] = {}
        self._rulings: dict[tuple[str, str], Ruling] = {}

    def score(self, problems: Sequence[Problem], texts: Sequence[str]) -> list[Verdict]:
        """One verdict per pair, in order. Tests that judge nothing make it an error."""
        pairs = [
            (problem.gold, self._program(problem.gold, text))
            for problem, text in zip(problems, texts, strict=True)
        ]
        fresh = [
            (gold, program)
            for gold, program in dict.fromkeys(pairs)
            if isinstance(program, str)
            and (gold, program) not in self._rulings
            and not self._settle(gold, program)
        ]
        jobs: list[Job] = [partial(self._judge, *pair) for pair in fresh]
        self._rulings.update(zip(fresh, run_all(self._boxes, jobs), strict=True))
        return [self._verdict(*pair) for pair in pairs]

    def with_limits(
        self, problems: Sequence[Problem], solutions: Sequence[Sequence[str]]
    ) -> list[Problem]:
        """The problems, each with the time limit that the right ones of its solutions call for.

        What was scored before is not run again, but for those that just miss a quicker limit.
        Those without a right solution stay as they are.
        """
        pairs = [(p, text) for p, texts in zip(problems, solutions, strict=True) for text in texts]
        verdicts = iter(self.score([p for p, _ in pairs], [text for _, text in pairs]))
        limited = []
        for problem, texts in zip(problems, solutions, strict=True):
            right = [text for text in texts if next(verdicts).outcome == CORRECT]
            seconds = [self._seconds(problem.gold, text) for text in right]
            limit = paces.limit_s(max(seconds, default=self._limits.cpu_s))
            if limit < self._limits.cpu_s:
                problem = replace(problem, gold=paces.with_limit(problem.gold, limit))
            limited.append(problem)
        return limited

    def _seconds(self, gold: str, text: str) -> float:
        """CPU seconds of a right solution's slowest run; the least of several where that may
        matter: a loaded machine only ever adds to it."""
        program = self._program(gold, text)
        assert isinstance(program, str)  # it has earned the reward
        least = self._rulings[gold, program].cpu_s
        for _ in range(paces.RUNS - 1):
            if not paces.just_misses(least):
                break
            ruling = run_one(self._boxes[0], partial(self._judge, gold, program))
            if ruling.outcome == CORRECT:
                least = min(least, ruling.cpu_s)
        return least

    def group(self, answers: Sequence[str | None]) -> list[int | None]:
        """Programs that differ only in layout and comments are one class."""
        distinct = list(dict.fromkeys(answer for answer in answers if answer is not None))
        forms = dict(zip(distinct, self._forms(distinct), strict=True))
        numbers: dict[str, int] = {}
        for answer in distinct:
            numbers.setdefault(forms[answer], len(numbers))
        return [None if answer is None else numbers[forms[answer]] for answer in answers]

    def _program(self, gold: str, text: str) -> str | Verdict:
        """The program in a text as it is to run, or the verdict on a text without one."""
        if len(text) > MAX_TEXT:
            return replace(_NOTHING, detail=f"a text of {len(text)} characters")
        said = reply(text)
        if said is None:
            return _UNFINISHED
        suite = self._suite(gold)
        program = extract(said, () if isinstance(suite, BadTests) else suite.names)
        if program.strip() and isinstance(suite, PromptSuite):
            program = complete(suite.prompt, program, suite.entry_point)
        return program.rstrip() or _NOTHING

    def _suite(self, gold: str) -> Suite | BadTests:
        if gold not in self._suites:
            try:
                self._suites[gold] = parse(gold)
            except BadTests as error:
                self._suites[gold] = error
        return self._suites[gold]

    def _settle(self, gold: str, program: str) -> bool:
        """Rule on what need not run."""
        suite = self._suite(gold)
        if isinstance(suite, BadTests):
            self._rulings[gold, program] = Ruling(ERROR, f"tests: {suite}")
        elif len(program) > MAX_PROGRAM:
            reason = f"a program of {len(program)} characters"
            self._rulings[gold, program] = Ruling(COMPILE_ERROR, reason)
        elif not _is_text(program):
            self._rulings[gold, program] = Ruling(COMPILE_ERROR, "lone surrogates in the program")
        else:
            return False
        return True

    def _judge(self, gold: str, program: str, box: Box) -> Ruling:
        suite, source = self._suite(gold), program + "\n"
        assert not isinstance(suite, BadTests)
        limits = self._limits_of(suite)
        if isinstance(suite, StdinSuite):
            return judge_stdin(box, source, suite, limits, self._strict)
        if isinstance(suite, CallSuite):
            return judge_calls(box, source, suite, limits, self._strict)
        foreseen = self._foresee(gold, suite, box)
        if isinstance(foreseen, BadSuite):
            return Ruling(ERROR, str(foreseen), foreseen.again)
        return judge_replay(box, source, suite, limits, foreseen, self._limits)

    def _limits_of(self, suite: Suite) -> Limits:
        """The problem's own time limit where its tests name one, `score.cpu_s` at most."""
        own = self._limits.cpu_s if suite.cpu_s is None else suite.cpu_s
        return replace(self._limits, cpu_s=min(own, self._limits.cpu_s))

    def _foresee(
        self, gold: str, suite: PromptSuite | AssertSuite, box: Box
    ) -> Foreseen | BadSuite:
        if gold not in self._foreseen:
            try:
                self._foreseen[gold] = foresee(box, suite, self._limits)
            except BadSuite as error:
                if error.again:
                    return error
                self._foreseen[gold] = error
        return self._foreseen[gold]

    def _verdict(self, gold: str, program: str | Verdict) -> Verdict:
        if isinstance(program, Verdict):
            return program
        ruling = self._rulings[gold, program]
        reward = float(ruling.outcome == CORRECT)
        return Verdict(reward, ruling.outcome, program, _line(ruling.detail))

    def _forms(self, programs: Sequence[str]) -> list[str]:
        """A digest of each program's syntax tree; its text if it has none, or brought its parser
        down."""
        forms: list[str] = []
        while len(forms) < len(programs):
            rest = programs[len(forms) :]
            found = self._digests(rest)
            forms += [digest or text.rstrip() for digest, text in zip(found, rest, strict=False)]
            if len(found) < len(rest):
                forms.append(programs[len(forms)].rstrip())
        return forms

    def _digests(self, programs: Sequence[str]) -> list[str]:
        """As many as one process finds before it ends."""
        source = drivers.layout_source()
        try:
            with drivers.opened(self._boxes[0], source, self._limits) as world:
                run = world.run(json.dumps(programs).encode())
        except BoxFault:
            return []
        return run.stdout.decode(errors="replace").split("\n")[:-1]


def _line(detail: str) -> str:
    """A detail may quote what a program made up: one short line of printable text, no markup."""
    line = " ".join(detail[: 4 * MAX_DETAIL].split())
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return _TAG.sub("\u2039", "".join(shown))[:MAX_DETAIL]


def _is_text(program: str) -> bool:
    try:
        program.encode()
    except UnicodeEncodeError:
        return False
    return True
