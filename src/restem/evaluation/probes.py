r"""Solutions that are wrong by construction, to count how many of them a reward accepts.

Answers: each gold against golds of other problems, and against itself with one thing changed.
Two answers count as different if their exact values differ, or, where they are no plain numbers,
their texts; so an accepted "other gold" such as \sqrt8 for 2\sqrt2 is for a person to judge, and
every accepted one is shown.

Programs: a solution of another problem, a program that does nothing, and one that always gives the
first expected output. What passes tells of thin tests, not of a broken judge.
"""

from __future__ import annotations

import ast
import json
import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypedDict

from restem.core.records import CORRECT, FAULTS, Problem, Verdict
from restem.core.seeds import seed_for
from restem.evaluation.arithmetic import value

MAX_GOLDS = 500  # distinct golds that are probed
OTHERS = 20  # other golds each of them meets
MAX_PROGRAMS = 200  # problems with tests that are probed
OTHER_PROGRAMS = 3
SHOWN = 10  # examples
LONGEST = 4000  # characters of one
ALPHA = 0.05  # the bound is one-sided, at 95 %


@dataclass(frozen=True, slots=True)
class Trial:
    """A solution that ought to be refused."""

    kind: str
    problem: Problem
    text: str
    shown: str
    """The answer or program, without what is around it."""


class KindJson(TypedDict):
    """`rate` and `at_most`, its upper 95 % bound, are shares of `tried`."""

    tried: int
    accepted: int
    rate: float
    at_most: float


class AcceptedJson(TypedDict):
    """A trial that earned a reward; `gold` is null for tests."""

    kind: str
    problem_id: str
    gold: str | None
    accepted: str
    detail: str


class ProbeJson(TypedDict):
    """What became of the trials, by kind and in all."""

    all: KindJson
    kinds: dict[str, KindJson]
    faults: int
    examples: list[AcceptedJson]


def trials(problems: Sequence[Problem], seed: int) -> list[Trial]:
    """Wrong solutions for a sample of the problems; the same arguments give the same."""
    with_answer = {p.problem_id: gold for p in problems if (gold := gold_answer(p)) is not None}
    tested = [problem for problem in problems if problem.problem_id not in with_answer]
    distinct = {with_answer[p.problem_id]: p for p in problems if p.problem_id in with_answer}
    rng = random.Random(seed_for(seed, "audit", "probe"))
    golds = sorted(distinct)
    found: list[Trial] = []
    for gold in rng.sample(golds, min(MAX_GOLDS, len(golds))):
        wrong = [*perturbed(gold, rng), *_other_golds(gold, golds, rng)]
        found += [Trial(k, distinct[gold], rf"\boxed{{{text}}}", text) for k, text in wrong]
    for problem in rng.sample(tested, min(MAX_PROGRAMS, len(tested))):
        found += [
            Trial(kind, problem, text, text) for kind, text in _programs(problem, tested, rng)
        ]
    return found


def tally(tried: Sequence[Trial], verdicts: Sequence[Verdict]) -> ProbeJson:
    """verdicts: of the trials, in order. Examples: the first of every kind in turn."""
    pairs = list(zip(tried, verdicts, strict=True))
    accepted = [(trial, verdict) for trial, verdict in pairs if verdict.outcome == CORRECT]
    by_kind = {
        kind: [pair for pair in accepted if pair[0].kind == kind]
        for kind in dict.fromkeys(trial.kind for trial in tried)
    }
    total = {kind: sum(trial.kind == kind for trial in tried) for kind in by_kind}
    turns = [hits[turn] for turn in range(SHOWN) for hits in by_kind.values() if turn < len(hits)]
    return {
        "all": _kind(len(tried), len(accepted)),
        "kinds": {kind: _kind(total[kind], len(hits)) for kind, hits in by_kind.items()},
        "faults": sum(verdict.outcome in FAULTS for verdict in verdicts),
        "examples": [
            {"kind": trial.kind, "problem_id": trial.problem.problem_id, "detail": verdict.detail,
             "gold": gold_answer(trial.problem), "accepted": trial.shown[:LONGEST]}
            for trial, verdict in turns[:SHOWN]
        ],
    }  # fmt: skip


def _kind(tried: int, accepted: int) -> KindJson:
    rate = accepted / tried if tried else 0.0
    bound = upper_bound(accepted, tried)
    return {"tried": tried, "accepted": accepted, "rate": round(rate, 6), "at_most": bound}


def upper_bound(hits: int, tried: int) -> float:
    """The largest rate at which `hits` or fewer of `tried` still happen with a chance of 5 %.

    1 without a try; about 3 / tried without a hit. Source: Clopper and Pearson, Biometrika 26
    (1934), one-sided.
    """
    if hits >= tried:
        return 1.0
    low, high = hits / tried, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(hits, tried, middle) > ALPHA else (low, middle)
    return round(high, 6)


def _at_most(hits: int, tried: int, rate: float) -> float:
    """Chance of `hits` or fewer successes; 0 < rate < 1."""
    ways = math.lgamma(tried + 1)
    return math.fsum(
        math.exp(ways - math.lgamma(k + 1) - math.lgamma(tried - k + 1)
                 + k * math.log(rate) + (tried - k) * math.log1p(-rate))
        for k in range(hits + 1)
    )  # fmt: skip


# ---- answers


def gold_answer(problem: Problem) -> str | None:
    """The gold answer; None where the gold is tests, or of another reward's making."""
    gold = json.loads(problem.gold)
    answer = gold.get("answer") if isinstance(gold, dict) else None
    return None if answer is None else str(answer)


def differs(answer: str, gold: str) -> bool:
    """By exact value, or by text where one is no plain number. 10% is 10 here, as in MATH."""
    ours, theirs = (text.replace("\\%", "").replace("%", "") for text in (answer, gold))
    a, b = value(ours), value(theirs)
    if a is not None and b is not None:
        return a != b
    return "".join(ours.split()) != "".join(theirs.split())


def _other_golds(gold: str, golds: Sequence[str], rng: random.Random) -> Iterator[tuple[str, str]]:
    drawn = rng.sample(golds, min(OTHERS + 1, len(golds)))
    yield from (("another gold", one) for one in drawn[:OTHERS] if differs(one, gold))


_SIGNED = re.compile(r"\d|\\(?:frac|sqrt|pi)")
_TUPLE = re.compile(r"([(\[])([^()\[\],]+),([^()\[\],]+)((?:,[^()\[\]]*)?[)\]])")
_BASED = re.compile(r"(\d+)_(?:\{(\d+)\}|(\d+))", re.ASCII)
_QUOTIENT = re.compile(r"(-?)(?:(\d+)/(\d+)|\\[dt]?frac\{(\d+)\}\{(\d+)\})", re.ASCII)


def perturbed(gold: str, rng: random.Random) -> list[tuple[str, str]]:
    """(what was done, answer), for answers that differ from the gold."""
    number = value(gold)
    found: list[tuple[str, str]] = []
    if gold.startswith("-"):
        found.append(("sign", gold[1:]))
    elif number is not None or (_SIGNED.match(gold) and not re.search("[,=]", gold)):
        found.append(("sign", f"-{gold}"))
    if number is not None:
        found += [("plus one", _written(number + 1)), ("minus one", _written(number - 1))]
    if match := _TUPLE.fullmatch(gold):
        found.append(("swapped", f"{match[1]}{match[3]},{match[2]}{match[4]}"))
    if match := _QUOTIENT.fullmatch(gold):
        top, bottom = match[2] or match[4], match[3] or match[5]
        found.append(("inverted", rf"{match[1]}\frac{{{bottom}}}{{{top}}}"))
    if based := _in_other_base(gold):
        found.append(("other base", based))
    if places := [place for place, char in enumerate(gold) if char in "0123456789"]:
        place = rng.choice(places)
        other = str((int(gold[place]) + rng.randint(1, 9)) % 10)
        found.append(("one digit", gold[:place] + other + gold[place + 1 :]))
    return [(kind, text) for kind, text in found if differs(text, gold)]


def _written(number: Fraction) -> str:
    if number.denominator == 1:
        return str(number)
    sign = "-" if number < 0 else ""
    return rf"{sign}\frac{{{abs(number.numerator)}}}{{{number.denominator}}}"


def _in_other_base(gold: str) -> str | None:
    """The same digits in another base, for numbers of two digits or more."""
    match = _BASED.fullmatch(gold)
    if match:
        base = int(match[2] or match[3])
        return f"{match[1]}_{{{base + 1}}}"
    if not re.fullmatch(r"[1-9]\d{1,30}", gold):
        return None
    lowest = max(2, int(max(gold)) + 1)
    return f"{gold}_{{{lowest if lowest < 10 else 11}}}"


# ---- programs


def _programs(
    problem: Problem, tested: Sequence[Problem], rng: random.Random
) -> Iterator[tuple[str, str]]:
    """Three kinds of programs that should fail the tests of a problem."""
    tests = _tests(problem)
    yield "does nothing", "    return None\n" if "prompt" in tests else "pass\n"
    constant = _constant(tests)
    if constant is not None and constant != problem.human_solution:
        yield "always the first output", constant
    drawn = rng.sample(tested, min(OTHER_PROGRAMS + 1, len(tested)))
    others = [p for p in drawn if p.human_solution and p.problem_id != problem.problem_id]
    for other in others[:OTHER_PROGRAMS]:
        names = _function(tests), _function(_tests(other))
        if names[0] and names[0] == names[1]:
            continue  # MBPP asks for harmonic_sum twice
        alias = f"\n{names[0]} = {names[1]}\n" if all(names) else ""
        yield "solves another problem", f"{other.human_solution}{alias}"


def _tests(problem: Problem) -> dict[str, object]:
    gold = json.loads(problem.gold)
    tests = gold.get("tests") if isinstance(gold, dict) else None
    return tests if isinstance(tests, dict) else {}


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None


def _constant(tests: dict[str, object]) -> str | None:
    """A program that gives the first expected output whatever it is asked; None if none is told."""
    output, name = _first(tests.get("outputs")), tests.get("fn_name")
    if output is not None and name:
        return f"def {name}(*args):\n    return {output!r}\n"
    if output is not None:
        lines = output if isinstance(output, list) else [output]
        return f"print({chr(10).join(map(str, lines))!r})\n"
    call = _call(tests)
    return None if call is None else f"def {call[0]}(*args, **named):\n    return {call[1]}\n"


def _function(tests: dict[str, object]) -> str | None:
    """The name of the function that the tests call, where they call one."""
    if tests.get("fn_name"):
        return str(tests["fn_name"])
    call = _call(tests)
    return call[0] if call else None


def _call(tests: dict[str, object]) -> tuple[str, str] | None:
    """Function and expected value of MBPP's first assert, `assert f(1) == 2`. Nothing is run."""
    try:
        statement = ast.parse(str(_first(tests.get("asserts")))).body[0]
    except (SyntaxError, ValueError, IndexError):
        return None
    asked = statement.test if isinstance(statement, ast.Assert) else None
    if not isinstance(asked, ast.Compare) or not isinstance(asked.left, ast.Call):
        return None
    name = asked.left.func
    return (name.id, ast.unparse(asked.comparators[0])) if isinstance(name, ast.Name) else None
