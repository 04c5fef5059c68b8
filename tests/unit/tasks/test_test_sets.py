"""SVAMP and HumanEval: test sets, which are transfer sets of other tasks."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from settings import machine

from restem.core import plugins
from restem.core.errors import DataError, ParamsError
from restem.core.params import Data, Params
from restem.core.records import CORRECT, Problem
from restem.method.selfcheck import self_check
from restem.rewards import math as verifier
from restem.tasks import gsm8k, humaneval, svamp

STORY = {"ID": "chal-1", "Body": "Ann has 3 apples and eats 1", "Question": "How many are left?",
         "Equation": "( 3.0 - 1.0 )", "Answer": 2.0, "Type": "Subtraction"}  # fmt: skip
FUNCTION = {"task_id": "HumanEval/7", "prompt": 'def one():\n    """ One. """\n',
            "entry_point": "one", "canonical_solution": "    return 1\n",
            "test": "def check(candidate):\n    assert candidate() == 1\n"}  # fmt: skip


def write(data: Data, task: ModuleType, rows: list[object]) -> None:
    if task is svamp:
        (Path(data.path) / "SVAMP.json").write_text("[" + ",\n".join(map(json.dumps, rows)) + "]")
    else:
        text = "".join(json.dumps(row) + "\n" for row in rows).encode()
        (Path(data.path) / "HumanEval.jsonl.gz").write_bytes(gzip.compress(text))


@pytest.mark.parametrize("task", [svamp, humaneval])
def test_there_is_nothing_to_train_on(data: Data, task: ModuleType) -> None:
    with pytest.raises(ParamsError, match=rf"is a test set .* into .*/transfer/{task.NAME}/"):
        task.problems(data)


@pytest.mark.parametrize(("task", "row"), [(svamp, STORY), (humaneval, FUNCTION)])
def test_no_more_is_read_than_asked_for(data: Data, task: ModuleType, row: object) -> None:
    write(data, task, [row, {"ID": 5}])
    assert len(task.held_out(replace(data, test_problems=1))) == 1


@pytest.mark.parametrize("task", [svamp, humaneval])
def test_a_missing_file_is_named(data: Data, task: ModuleType) -> None:
    with pytest.raises(DataError, match=r"is missing .* https://github\.com/"):
        task.held_out(data)


def test_a_story_is_asked_as_those_of_gsm8k(data: Data) -> None:
    write(data, svamp, [STORY])
    question = "Ann has 3 apples and eats 1. How many are left?"
    prompt = svamp.held_out(data)[0].prompt
    assert prompt.endswith(f"#### 14\n\nQuestion: {question}\nAnswer:\n")
    assert svamp.held_out(data) == [
        Problem("svamp-00000", "svamp", "test", "Subtraction", 0, question, prompt, gsm8k.STOP,
                '{"answer": "2"}', None)]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Body": 5}, 'needs a text "Body"'),
        ({"Question": ""}, 'needs a text "Question"'),
        ({"Answer": "2"}, 'needs a number "Answer"'),
        ({"Answer": True}, 'needs a number "Answer"'),
        ({"Answer": None}, 'needs a number "Answer"'),
    ],
)
def test_a_bad_story_is_named(data: Data, changes: dict[str, object], message: str) -> None:
    write(data, svamp, [STORY, {**STORY, **changes}])
    with pytest.raises(DataError, match=rf"SVAMP\.json:2: {message}"):
        svamp.held_out(data)


def test_a_function_is_asked_as_it_is(data: Data) -> None:
    write(data, humaneval, [FUNCTION])
    tests = {k: FUNCTION[k] for k in ("prompt", "entry_point", "test", "canonical_solution")}
    (problem,) = humaneval.held_out(data)
    assert json.loads(problem.gold) == {"tests": tests}
    assert problem == Problem(
        "humaneval-00007", "humaneval", "test", "functions", 0, FUNCTION["prompt"],
        FUNCTION["prompt"], ("\nclass", "\ndef", "\n#", "\nif", "\nprint"), problem.gold,
        "    return 1\n",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["task_id", "prompt", "entry_point", "canonical_solution", "test"])
def test_a_bad_function_is_named(data: Data, name: str) -> None:
    write(data, humaneval, [FUNCTION, {**FUNCTION, name: None}])
    with pytest.raises(DataError, match=rf'HumanEval\.jsonl\.gz:2: needs a text "{name}"'):
        humaneval.held_out(data)


# ---- the original files


def test_every_gold_of_svamp_is_judged_right(
    data: Data, values: Params, public: Callable[[str], Path]
) -> None:
    problems = svamp.held_out(replace(data, path=str(public("svamp"))))
    assert len({p.problem_id for p in problems}) == 1000
    with verifier.open_reward(values.score, machine(1)) as reward:
        golds = reward.score(problems, [verifier.gold_text(p) for p in problems])
    assert Counter(v.outcome for v in golds) == {CORRECT: 1000}


def test_humaneval_has_its_164_functions(data: Data, public: Callable[[str], Path]) -> None:
    problems = humaneval.held_out(replace(data, path=str(public("humaneval"))))
    assert [p.problem_id for p in problems] == [f"humaneval-{n:05d}" for n in range(164)]


@pytest.mark.slow
def test_every_canonical_solution_of_humaneval_passes(
    data: Data, values: Params, public: Callable[[str], Path]
) -> None:
    problems = humaneval.held_out(replace(data, path=str(public("humaneval"))))
    module = plugins.load("reward", "code")
    with module.open_reward(values.score, machine(1)) as reward:
        checked = self_check({"test": problems}, reward.score, module.gold_text)
    assert (checked.quarantined, checked.num_judged) == ([], 164)
