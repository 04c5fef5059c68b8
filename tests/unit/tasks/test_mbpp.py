"""The MBPP importer: official splits by task_id, and the paper's prompt."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from settings import machine

from restem.core import plugins
from restem.core.errors import DataError, ParamsError
from restem.core.params import Data, Params
from restem.core.records import Problem
from restem.method.selfcheck import self_check
from restem.tasks import mbpp


def row(task_id: int, **changes: object) -> dict[str, object]:
    return {
        "text": f"Write a function that returns {task_id}. ", "task_id": task_id,
        "code": f"def f():\r\n\treturn {task_id}\r\n", "test_setup_code": "",
        "test_list": [f"assert f() == {task_id}"], "challenge_test_list": ["assert False"],
    } | changes  # fmt: skip


def write(data: Data, rows: list[dict[str, object]]) -> None:
    (Path(data.path) / "mbpp.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))


def test_the_splits_are_the_official_ones(data: Data) -> None:
    write(data, [row(k) for k in (975, 974, 601, 600, 511, 510, 11, *range(1, 11))])
    splits = mbpp.problems(data)
    assert {s: [int(p.problem_id[5:]) for p in found] for s, found in splits.items()} == {
        "train": [601, 974], "val": [511, 600], "test": [11, 510]}  # fmt: skip
    assert mbpp.held_out(data) == splits["test"]


def test_a_problem_holds_what_its_row_says(data: Data) -> None:
    write(data, [*(row(k) for k in range(1, 11)), row(12, test_setup_code="x = 1\r\n")])
    question = "Write a function that returns 12.\nassert f() == 12"
    asked = (
        "You are an expert Python programmer, and here is your task: Write a function that returns "
        "{0}. Your code should pass these tests:\n\nassert f() == {0}\n[BEGIN]\n"
    )
    worked = "def f():\n\treturn {0}\n[DONE]\n\n"
    prompt = "".join((asked + worked).format(k) for k in (2, 3)) + asked.format(12)
    assert mbpp.held_out(data) == [
        Problem("mbpp-00012", "mbpp", "test", "programs", 0, question, prompt,
                ("\n[DONE]", "[DONE]"),
                '{"tests": {"setup": "x = 1\\n", "asserts": ["assert f() == 12"]}}',
                "def f():\n\treturn 12")]  # fmt: skip


def test_the_prompt_has_ten_examples_of_its_own(data: Data) -> None:
    write(data, [row(k) for k in range(1, 12)])
    found = mbpp.held_out(replace(data, few_shot=10))
    assert found[0].prompt.count("[DONE]") == 10
    with pytest.raises(ParamsError, match=r"data\.few_shot must be <= 10 for task mbpp"):
        mbpp.held_out(replace(data, few_shot=11))


def test_the_users_examples_come_instead(data: Data) -> None:
    write(data, [row(11)])
    shots = [{"problem": "Say 1.", "solution": "print(1)"}] * 2
    (Path(data.path) / "few_shot.jsonl").write_text("\n".join(map(json.dumps, shots)))
    assert mbpp.held_out(data)[0].prompt.count("Say 1.\n[BEGIN]\nprint(1)\n[DONE]\n\n") == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": None}, 'needs a text "text"'),
        ({"code": 5}, 'needs a text "code"'),
        ({"test_list": []}, '"test_list" must be a list of asserts'),
        ({"test_list": "assert True"}, '"test_list" must be a list of asserts'),
        ({"test_list": [5]}, '"test_list" must be a list of asserts'),
        ({"test_setup_code": 5}, 'needs a text "test_setup_code"'),
        ({"task_id": "12"}, '"task_id" must be a whole number'),
        ({"task_id": 11}, '"task_id" must be a whole number that is nobody else\'s'),
    ],
)
def test_a_bad_row_is_named(data: Data, changes: dict[str, object], message: str) -> None:
    write(data, [row(11), row(12) | changes])
    with pytest.raises(DataError, match=rf"mbpp\.jsonl:2: {message}"):
        mbpp.held_out(replace(data, few_shot=0))


@pytest.fixture
def original(data: Data, public: Callable[[str], Path]) -> Data:
    return replace(data, path=str(public("mbpp")), few_shot=3, val_problems=1000)


def test_the_original_file_gives_374_90_and_500(original: Data) -> None:
    splits = mbpp.problems(original)
    assert {s: len(found) for s, found in splits.items()} == {
        "train": 374, "val": 90, "test": 500}  # fmt: skip
    assert sum(json.loads(p.gold)["tests"]["setup"] != "" for s in splits.values() for p in s) == 2


@pytest.mark.slow
def test_every_program_of_the_validation_split_passes(original: Data, values: Params) -> None:
    val = mbpp.problems(original)["val"]
    module = plugins.load("reward", "code")
    with module.open_reward(values.score, machine(1)) as reward:
        checked = self_check({"val": val}, reward.score, module.gold_text)
    assert (checked.quarantined, checked.num_judged) == ([], 90)
