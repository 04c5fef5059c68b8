"""Tests as they come, and the reasons to refuse them."""

import json

import pytest

from restem.rewards.programs.suites import (
    AssertSuite,
    BadTests,
    CallSuite,
    PromptSuite,
    StdinSuite,
    parse,
)


def parsed(tests: object) -> object:
    return parse(json.dumps({"tests": tests}))


def test_apps_takes_texts_and_lists_of_lines() -> None:
    suite = parsed({"inputs": ["1\n", ["1", "2"]], "outputs": [["2"], "3\n"]})
    assert suite == StdinSuite(("1\n", "1\n2"), ("2", "3\n"))


def test_apps_arguments_are_lists_or_lines_of_json() -> None:
    suite = parsed({"inputs": [[1, "a"], '[1]\n"a"\n'], "outputs": [True, [3]], "fn_name": "f"})
    assert suite == CallSuite("f", ([1, "a"], [[1], "a"]), (True, [3]))


def test_whole_numbers_as_keys_of_the_first_argument_are_numbers_again() -> None:
    suite = parsed({"inputs": [[{"1": 2}, {"1": 2}]], "outputs": [1], "fn_name": "f"})
    assert isinstance(suite, CallSuite)
    assert suite.arguments == ([{"d": [[1, 2]]}, {"d": [["1", 2]]}],)


def test_human_eval_without_a_reference() -> None:
    suite = parsed({"prompt": "def f():\n", "entry_point": "f", "test": "def check(c): c()"})
    assert suite == PromptSuite("def f():\n", "f", "def check(c): c()", None)
    assert suite.names == ("f",)


def test_mbpp_calls_what_is_not_built_in() -> None:
    suite = parsed({"setup": "", "asserts": ["assert set(f(1)) == set([math.ceil(2.1)])"]})
    assert isinstance(suite, AssertSuite)
    assert suite.names == ("f",)


def test_mbpp_may_give_a_builtin_a_new_meaning() -> None:
    suite = parsed({"asserts": ["assert sum(10, 15) == 6"]})
    assert isinstance(suite, AssertSuite)
    assert suite.names == ("sum",)


BAD: list[tuple[object, str]] = [
    (None, "no JSON object"),
    ([], "no JSON object"),
    ({}, "neither"),
    ({"inputs": [], "outputs": []}, "no tests"),
    ({"inputs": ["1"], "outputs": []}, "1 inputs, but 0 outputs"),
    ({"inputs": ["1"]}, "must be lists"),
    ({"inputs": "1", "outputs": "2"}, "must be lists"),
    ({"inputs": [1], "outputs": ["1"]}, "input 1 is neither text"),
    ({"inputs": ["1"], "outputs": [None]}, "output 1 is neither text"),
    ({"inputs": [["1", 2]], "outputs": ["1"]}, "input 1 is neither text"),
    ({"inputs": ["1"], "outputs": ["1" * 1_000_001]}, "longer than"),
    ({"inputs": [1], "outputs": [1], "fn_name": "f"}, "no list of arguments"),
    ({"inputs": ["[1"], "outputs": [1], "fn_name": "f"}, "no JSON"),
    ({"inputs": [[1]], "outputs": [1], "fn_name": "f()"}, "no name"),
    ({"inputs": [[1]], "outputs": [1], "fn_name": 3}, "no name"),
    ({"prompt": "", "entry_point": "f"}, "test must be text"),
    ({"prompt": "", "entry_point": "f", "test": " "}, "no tests"),
    ({"prompt": 1, "entry_point": "f", "test": "x"}, "prompt must be text"),
    ({"prompt": "", "entry_point": "f g", "test": "x"}, "no name"),
    ({"asserts": []}, "no tests"),
    ({"asserts": [" "]}, "no tests"),
    ({"asserts": [1]}, "list of texts"),
    ({"asserts": "assert f()"}, "list of texts"),
    ({"setup": 3, "asserts": ["assert f()"]}, "setup must be text"),
]


@pytest.mark.parametrize(("tests", "reason"), BAD)
def test_bad_tests_say_what_is_wrong(tests: object, reason: str) -> None:
    with pytest.raises(BadTests, match=reason):
        parsed(tests)


@pytest.mark.parametrize("gold", ["", "{", "[]", "3", "null", '{"answer": "5"}', "[" * 100_000])
def test_gold_that_is_no_json_object_with_tests(gold: str) -> None:
    with pytest.raises(BadTests):
        parse(gold)
