"""The code reward as a plug-in: a verdict per pair, whoever else is scored, with any workers."""

import json
from collections.abc import Iterator, Sequence

import pytest
from settings import machine, score

from restem.core.records import Problem, Verdict
from restem.rewards import code
from restem.rewards.code import CodeReward, open_code_reward, open_reward
from restem.rewards.programs.crew import Job, run_all, run_one
from restem.rewards.programs.rulings import Ruling
from restem.rewards.sandbox.client import Box, BoxFault

SCORE = score(cpu_s=1.0, memory_mb=512)


def problem(tests: object) -> Problem:
    return Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps({"tests": tests}), None)


STDIN = problem({"inputs": ["3 4\n", "1 2\n"], "outputs": ["7\n", "3\n"]})
CALL = problem({"inputs": [[3, 4]], "outputs": [[7]], "fn_name": "add"})
PROMPT = problem(
    {
        "prompt": "def add(a, b):\n    '''Sum.'''\n",
        "entry_point": "add",
        "test": "def check(f):\n    assert f(3, 4) == 7\n",
    }
)
ASSERTS = problem({"setup": "", "asserts": ["assert add(3, 4) == 7"]})
ALL = (STDIN, CALL, PROMPT, ASSERTS)

READ = "a, b = map(int, input().split())\n"
ADD = "def add(a, b):\n    return {}\n"
BUSY = "x = 0\nfor i in range({}):\n    x += i\n"
PAIRS: list[tuple[Problem, str]] = [
    (STDIN, READ + "print(a + b)"),
    (STDIN, READ + "print(a - b)"),
    (STDIN, READ + "print(a + b) if a > 1 else print(0)"),
    (STDIN, "while True: pass"),
    (STDIN, READ + BUSY.format(3 * 10**6) + "print(a + b)"),
    (STDIN, "print(1"),
    (STDIN, ""),
    (STDIN, "raise ValueError"),
    (CALL, ADD.format("a + b")),
    (CALL, ADD.format("[a + b]")),
    (CALL, ADD.format("str(a + b)")),
    (CALL, ADD.format("add(a, b)")),
    (CALL, BUSY.format(3 * 10**6) + ADD.format("a + b")),
    (PROMPT, "    return a + b\n"),
    (PROMPT, "    return a * b\n"),
    (PROMPT, "    while True: pass\n"),
    (ASSERTS, ADD.format("a + b")),
    (ASSERTS, ADD.format("set([a])")),
    (ASSERTS, ADD.format("1 / 0")),
    (problem({"asserts": []}), ADD.format("a")),
]


def scored(reward: CodeReward, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
    return reward.score([pair[0] for pair in pairs], [pair[1] for pair in pairs])


@pytest.fixture(scope="module")
def reward() -> Iterator[CodeReward]:
    with open_code_reward(SCORE, machine(1)) as opened:
        yield opened


@pytest.mark.slow
def test_expected_outcomes(reward: CodeReward) -> None:
    assert [verdict.outcome for verdict in scored(reward, PAIRS)] == [
        "correct", "wrong", "wrong", "time_limit", "correct", "compile_error", "no_answer",
        "runtime_error", "correct", "correct", "wrong", "runtime_error", "correct", "correct",
        "wrong", "time_limit", "correct", "wrong", "runtime_error", "error",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 8])
def test_verdicts_do_not_depend_on_workers_or_order(reward: CodeReward, workers: int) -> None:
    one = scored(reward, PAIRS)
    with open_code_reward(SCORE, machine(workers)) as other:
        assert scored(other, PAIRS[::-1])[::-1] == one


def test_again_gives_the_same_and_runs_nothing(reward: CodeReward) -> None:
    pairs = PAIRS[:3] + PAIRS[-4:]
    first = scored(reward, pairs)
    boxes, reward._boxes = reward._boxes, ()
    try:
        assert scored(reward, pairs) == first
    finally:
        reward._boxes = boxes


def test_trailing_blanks_are_no_other_program(reward: CodeReward) -> None:
    first, second = scored(
        reward, [(STDIN, READ + "print(a+b)"), (STDIN, READ + "print(a+b) \n\n")]
    )
    assert first == second


def test_answer_is_the_program_as_it_ran(reward: CodeReward) -> None:
    text = "So:\n```python\nprint(7)\n```"
    assert scored(reward, [(STDIN, text)])[0].answer == "print(7)"
    completed = scored(reward, [(PROMPT, "    return a + b\n")])[0].answer
    assert completed == "def add(a, b):\n    '''Sum.'''\n    return a + b"
    assert scored(reward, [(STDIN, "")])[0].answer is None


def test_grader_names_version_tier_and_interpreter(reward: CodeReward) -> None:
    assert reward.grader.startswith(code.VERSION + " ")
    assert "CPython 3" in reward.grader


def test_plug_in_opens_the_same_reward() -> None:
    with open_reward(SCORE, machine(1)) as opened:
        assert opened.score([STDIN], [READ + "print(a + b)"])[0].reward == 1.0
        assert opened.score([], []) == []


def test_tests_have_no_gold_text() -> None:
    assert [code.gold_text(case) for case in ALL] == [None] * 4  # type: ignore[func-returns-value]


def test_strict_mode_takes_no_other_form() -> None:
    lists = problem({"inputs": [[3]], "outputs": [[3]], "fn_name": "f"})
    number = problem({"inputs": [[3]], "outputs": [3], "fn_name": "f"})
    with open_code_reward(SCORE, machine(1), strict=True) as strict:
        assert "strict" in strict.grader
        verdicts = scored(
            strict,
            [
                (STDIN, READ + "print(a + b, ' ')\nprint()"),
                (STDIN, READ + "print('', a + b)"),
                (lists, "def f(x): return [x]"),
                (lists, "def f(x): return (x,)"),
                (lists, "def f(x): return x"),
                (number, "def f(x): return x"),
                (number, "def f(x): return float(x)"),
                (PROMPT, "    return a + b\n"),
            ],
        )
    assert [v.reward for v in verdicts] == [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0]


def test_programs_that_differ_in_layout_are_one_class(reward: CodeReward) -> None:
    answers = [
        "x = 1\nprint(x)", None, "x=1 # one\n\nprint( x )", "x = 2\nprint(x)", "print(", "print(  ",
        "x = 1\nprint(x)", "(" * 5000, "print(", "-" * 100_000 + "1", "x = 2;print(x)", "\0",
    ]  # fmt: skip
    assert reward.group(answers) == [0, None, 0, 1, 2, 2, 0, 3, 2, 4, 1, 5]
    assert reward.group([]) == []


GARBAGE = {
    "nul": "\0" * 1000, "surrogates": "\ud800" * 10, "accents": "é" * 10, "long": "x" * 10_000_000,
    "fences": "```" * 100_000, "blanks": "\r\n\r\n\t\v\f", "deep": "(" * 200_000, "open": "'''",
    "number": "print(" + "9" * 500_000 + ")", "line ends": "\n" * 100_000 + "\\",
}  # fmt: skip


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("case", ALL)
def test_garbage_is_never_rewarded_and_no_fault(
    reward: CodeReward, case: Problem, name: str
) -> None:
    verdict = scored(reward, [(case, GARBAGE[name])])[0]
    assert verdict.reward == 0
    assert verdict.outcome not in ("error", "timeout")


def test_a_box_that_fails_gets_one_more_try() -> None:
    tries = []

    def job(fails: int) -> Job:
        def work(box: Box) -> Ruling:
            tries.append(fails)
            if tries.count(fails) <= fails:
                raise BoxFault("it broke")
            return Ruling("correct", "")

        return work

    box = Box("namespaces")
    assert [run_one(box, job(fails)).outcome for fails in (0, 1, 2)] == [
        "correct",
        "correct",
        "error",
    ]
    assert run_one(box, job(9)) == Ruling("error", "sandbox: it broke")


def test_a_judge_that_breaks_costs_its_row_alone() -> None:
    def broken(box: Box) -> Ruling:
        raise ZeroDivisionError("hostile answer")

    jobs: list[Job] = [broken, lambda box: Ruling("correct", "")]
    assert run_all([Box("namespaces")], jobs) == [
        Ruling("error", "judge: ZeroDivisionError: hostile answer"),
        Ruling("correct", ""),
    ]


def test_what_load_may_have_slowed_runs_again_after_all_others() -> None:
    done: list[str] = []

    def job(name: str, slow: bool) -> Job:
        def work(box: Box) -> Ruling:
            done.append(name)
            return Ruling("time_limit", "", again=slow and done.count(name) == 1)

        return work

    jobs = [job("slow", True), job("fast", False), job("late", False)]
    rulings = run_all([Box("namespaces")], jobs)
    assert done == ["slow", "fast", "late", "slow"]
    assert [ruling.again for ruling in rulings] == [False, False, False]
