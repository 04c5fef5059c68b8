"""Worked problems: ours are right, the user's come first, and too few are refused."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from settings import machine

from restem.core import plugins
from restem.core.errors import DataError, ParamsError
from restem.core.params import Data, Params
from restem.core.records import CORRECT, Problem
from restem.tasks import apps, gsm8k, math, shots

FORMS = {"gsm8k": gsm8k.FORM, "math": math.FORM, "apps": apps.FORM}


def write(data: Data, rows: list[dict[str, str]]) -> None:
    lines = [json.dumps(row) for row in rows]
    (Path(data.path) / "few_shot.jsonl").write_text("\n".join(lines))


@pytest.mark.parametrize(("name", "count"), [("gsm8k", 4), ("math", 4), ("apps", 2)])
def test_our_own_examples_stand_in_a_prompt_as_in_their_file(
    data: Data, name: str, count: int
) -> None:
    form = FORMS[name]
    worked = shots.load(replace(data, few_shot=count), name, form)
    file = Path(shots.__file__).parent / f"prompts/{name}.txt"
    assert form.prompt(worked, "Q?") == file.read_text() + f"\n{form.head}Q?{form.middle}"
    with pytest.raises(ParamsError, match=rf"data\.few_shot must be <= {count} for task {name}"):
        shots.load(replace(data, few_shot=count + 1), name, form)


@pytest.mark.parametrize("keys", [("problem", "solution"), ("question", "answer")])
def test_the_users_examples_come_instead_of_ours(data: Data, keys: tuple[str, str]) -> None:
    write(data, [dict(zip(keys, (f" {n}? ", f"{n}!"), strict=True)) for n in range(3)])
    worked = shots.load(data, "math", math.FORM)
    assert worked == [shots.Shot("0?", "0!"), shots.Shot("1?", "1!")]
    with pytest.raises(ParamsError, match=r"<= 3 .*/few_shot\.jsonl"):
        shots.load(replace(data, few_shot=4), "math", math.FORM)


def test_a_bad_example_is_named(data: Data) -> None:
    write(data, [{"problem": "?", "solution": "!"}, {"problem": "?"}])
    with pytest.raises(DataError, match=r'few_shot\.jsonl:2: needs a text "solution" or "answer"'):
        shots.load(data, "math", math.FORM)


def test_no_examples_leave_the_question_alone() -> None:
    assert math.FORM.prompt([], "Q?") == "Problem:\nQ?\n\nSolution:\n"


def test_our_examples_of_math_are_consistent() -> None:
    worked = shots.own("math", math.FORM)
    for shot in worked:
        last = shot.solution.splitlines()[-1]
        answer = math.last_boxed(shot.solution)
        assert last == f"Final Answer: The final answer is ${answer}$. I hope it is correct."
        assert shot.solution.count("boxed") == 1
    # Worked out again: the sum; pairs of 10 marbles; roots; 6 h and area twice, squared.
    assert 27 + 29 + 31 == 87
    assert Fraction(8, 15) == 2 * Fraction(4, 10) * Fraction(6, 9)
    assert all((x * x - 3 * x - 10 <= 0) == (-2 <= x <= 5) for x in range(-20, 20))
    assert Fraction(6 * 6 * 5, 5 * 5) * 45 == (6 * 3) ** 2


def test_our_examples_of_apps_say_how_they_are_run() -> None:
    standard, called = shots.own("apps", apps.FORM)
    assert standard.question.endswith(f"\n{apps.STANDARD_INPUT}")
    assert called.question.endswith(f"\n{apps.CALL_BASED}")


def test_our_examples_of_apps_pass_the_tests_they_show(values: Params) -> None:
    standard, called = shots.own("apps", apps.FORM)
    shown = re.search(r"Input\n(5 10\n.*?)\n\nOutput\n(\d+)\n", standard.question, re.DOTALL)
    assert shown is not None
    tests = [
        {"inputs": [shown[1] + "\n", "1 1\n1\n"], "outputs": [shown[2] + "\n", "1\n"]},
        {"fn_name": "steady_words", "outputs": [["almost", "fort"], ["fort", "abc"]],
         "inputs": [[["almost", "bye", "apple", "fort"]], [["cba", "fort", "abc"]]]},
    ]  # fmt: skip
    problems = [
        Problem("p", "apps", "test", "", 0, "?", "?", (), json.dumps({"tests": t}), None)
        for t in tests
    ]
    with plugins.load("reward", "code").open_reward(values.score, machine(1)) as reward:
        verdicts = reward.score(problems, [standard.solution, called.solution])
    assert [v.outcome for v in verdicts] == [CORRECT, CORRECT]


def test_minervas_examples_are_training_problems_of_math(
    data: Data, public: Callable[[str], Path]
) -> None:
    prompts = json.loads(public("fewshot_prompts/prompts.json").read_text())
    write(data, prompts["minerva_math_4shot"]["shots"])
    worked = shots.load(replace(data, few_shot=4), "math", math.FORM)
    assert [math.last_boxed(shot.solution) for shot in worked] == [
        "[2,5)", "24", "16", r"-\frac{2}{3}"]  # fmt: skip
    assert math.FORM.prompt(worked, "Q?").count("I hope it is correct.\n\nProblem:\n") == 4
