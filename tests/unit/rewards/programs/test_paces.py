"""A problem's time limit is a function of what its references take, and stands in its tests."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restem.rewards.programs.paces import TIMES, just_misses, limit_s, with_limit
from restem.rewards.programs.suites import BadTests, parse


@pytest.mark.parametrize(
    ("slowest_s", "limit", "again"),
    [
        (0.0, 1, False),
        (0.003, 1, False),
        (0.05, 1, False),
        (0.0501, 10, True),
        (0.09, 10, True),
        (0.1, 10, False),
        (0.5, 10, False),
        (0.51, 100, True),
        (2.6, 100, False),
        (5.1, 1000, True),
    ],
)
def test_a_limit_is_one_of_few_steps(slowest_s: float, limit: float, again: bool) -> None:
    assert limit_s(slowest_s) == limit
    assert just_misses(slowest_s) is again


@given(st.floats(0, 1000))
def test_a_program_twenty_times_slower_than_the_reference_is_within_the_limit(s: float) -> None:
    assert TIMES * s <= limit_s(s)


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_a_slower_reference_never_means_a_shorter_limit(one: float, other: float) -> None:
    assert limit_s(min(one, other)) <= limit_s(max(one, other))


TESTS: list[dict[str, object]] = [
    {"inputs": ["1\n"], "outputs": ["1\n"]},
    {"inputs": [[1]], "outputs": [1], "fn_name": "f"},
    {"prompt": "def f(a):\n", "entry_point": "f", "test": "def check(f):\n    assert f(1)\n"},
    {"setup": "", "asserts": ["assert f(1)"]},
]


@pytest.mark.parametrize("tests", TESTS)
@pytest.mark.parametrize("start", ['{"tests": ', ' {\n"tests":'])
def test_a_limit_is_written_into_a_gold_and_read_from_it(
    tests: dict[str, object], start: str
) -> None:
    gold = start + json.dumps(tests) + "}"
    limited = with_limit(gold, 10.0)
    assert json.loads(limited) == {"tests": {"cpu_s": 10, **tests}}
    assert parse(limited).cpu_s == 10.0
    assert parse(gold).cpu_s is None


def test_nothing_else_of_a_gold_is_touched() -> None:
    digits = "9" * 5000  # json.loads refuses them
    gold = f'{{"tests": {{"inputs": [[{digits}]], "outputs": [1], "fn_name": "f"}}}}'
    assert with_limit(gold, 1.0) == gold.replace('"inputs"', '"cpu_s": 1, "inputs"')
    assert with_limit('{"answer": "1"}', 1.0) == '{"answer": "1"}'
    assert json.loads(with_limit('{"tests": {}}', 1.0)) == {"tests": {"cpu_s": 1}}


def test_a_limit_that_the_data_set_gives_holds_on() -> None:
    assert parse(with_limit(json.dumps({"tests": {**TESTS[0], "cpu_s": 4}}), 1.0)).cpu_s == 4.0


@pytest.mark.parametrize("value", [True, "2", [1], 0, 0.05, -1])
def test_a_limit_that_is_none_is_a_fault_of_the_tests(value: object) -> None:
    with pytest.raises(BadTests, match=r"cpu_s must be .* got"):
        parse(json.dumps({"tests": {**TESTS[0], "cpu_s": value}}))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_a_limit_must_be_finite(value: str) -> None:
    with pytest.raises(BadTests, match=r"cpu_s must be 0\.1 seconds or more"):
        parse(f'{{"tests": {{"inputs": ["1"], "outputs": ["1"], "cpu_s": {value}}}}}')


def test_no_limit_is_longer_than_an_hour() -> None:
    assert parse('{"tests": {"inputs": ["1"], "outputs": ["1"], "cpu_s": 1e9}}').cpu_s == 3600
