"""What counts as the expected output."""

import pytest

from restem.rewards.programs.compare import (
    same_output,
    same_output_strict,
    same_result,
    same_result_strict,
)
from restem.rewards.programs.values import Json, encode

# expected, given, right, right for the strict rule
PRINTED = [
    ("1 2 3", "1 2 3", True, True),
    ("1 2 3\n", "1 2 3", True, True),
    ("1 2 3", "1 2 3\n\n\n", True, True),
    ("1\n2", "1  \n2\t\n", True, True),
    ("1\n2", "1 2", True, False),
    ("1 2", "1\n2", True, False),
    ("1 2", " 1  2", True, False),
    ("1\r\n2\r\n", "1\n2\n", True, True),
    ("", "", True, True),
    ("", "\n", True, True),
    ("1", "", False, False),
    ("", "1", False, False),
    ("1 2 3", "3 2 1", False, False),
    ("1 2 3", "1 2", False, False),
    ("5", "5 5 5", False, False),
    ("5 5", "5", False, False),
    ("1\n2\n", "2\n1\n", False, False),
    ("YES", "Yes", False, False),
    ("YES", "yes", False, False),
    ("YES", "YES.", False, False),
    ("12", "1 2", False, False),
    ("0.5", "0.5", True, True),
    ("0.5", "0.50", True, False),
    ("0.5", ".5", True, False),
    ("0.5", "5e-1", True, False),
    ("0.5", "0.5000004", True, False),
    ("0.5", "0.500002", False, False),
    ("0.333333333333", "0.3333333", True, False),
    ("0.3333", "0.3334", False, False),
    ("1000000.5", "1000001.0", True, False),
    ("1000000.5", "1000003.0", False, False),
    ("2.0", "2", True, False),
    ("2", "2.0", False, False),
    ("2", "2.0000001", False, False),
    ("1e3", "1000", True, False),
    ("1E3", "1000.0", True, False),
    ("1000", "1e3", False, False),
    ("1000000007", "1000000008", False, False),
    ("1000000007", "1000000007.0", False, False),
    ("0.0", "-0.0", True, False),
    ("-1.5", "1.5", False, False),
    ("007", "7", False, False),
    ("7", "007", False, False),
    ("+7", "7", False, False),
    ("1.5", "+1.5", True, False),
    ("nan", "nan", True, True),
    ("1.5", "nan", False, False),
    ("1.5", "inf", False, False),
    ("1.5", "1.5f", False, False),
    ("1.5", "1,5", False, False),
    ("1.2.3", "1.2.4", False, False),
    ("1.5", "1" * 50, False, False),
    ("1e999", "1e998", False, False),
    ("1e9999", "2e9999", False, False),
    ("٣.٥", "3.5", False, False),
    ("a b", "a b", True, True),
]


@pytest.mark.parametrize(("expected", "given", "right", "strictly"), PRINTED)
def test_printed_text(expected: str, given: str, right: bool, strictly: bool) -> None:
    assert (same_output(expected, given), same_output_strict(expected, given)) == (right, strictly)


# expected JSON, returned value, right, right for the strict rule
RETURNED: list[tuple[Json, object, bool, bool]] = [
    (3, 3, True, True),
    (3, 4, False, False),
    (3, 3.0, True, False),
    (3, 3.0000001, False, False),
    (3.0, 3, True, False),
    (0.1, 0.1000000001, True, False),
    (0.1, 0.10001, False, False),
    (1e9, 1e9 + 100, True, False),
    (1.5, "1.5", False, False),
    (1.5, None, False, False),
    (2.0, 10**400, False, False),
    (1, True, True, False),
    (True, 1, True, False),
    (True, True, True, True),
    (False, None, False, False),
    (False, 0, True, False),
    (False, [], False, False),
    (None, None, True, True),
    (None, 0, False, False),
    ("a", "a", True, True),
    ("a", "A", False, False),
    ("a", b"a", False, False),
    ("5", 5, False, False),
    (5, "5", False, False),
    ([1, 2], [1, 2], True, True),
    ([1, 2], (1, 2), True, False),
    ([[1, 2]], [(1, 2)], True, False),
    ([[1], [2]], ([1], (2,)), True, False),
    ([1, 2], [2, 1], False, False),
    ([1, 2], [1, 2, 3], False, False),
    ([1, 2], {1, 2}, False, False),
    ([1, 2], iter([1, 2]), False, False),
    ([1, 2], range(1, 3), False, False),
    (["a", "b"], "ab", False, False),
    ([9], 9, True, False),
    ([[9]], [9], True, False),
    ([[9]], 9, False, False),
    (9, [9], False, False),
    ([9, 9], 9, False, False),
    ([[[1, 2]]], [[1, 2]], True, False),
    ([], [], True, True),
    ([], None, False, False),
    ([[]], [], True, False),
    ([None], None, True, False),
    ({"a": 1}, {"a": 1}, True, True),
    ({"1": [2]}, {1: (2,)}, True, False),
    ({"1": 2}, {"1": 2}, True, True),
    ({"1": 2}, {1: 2, "1": 2}, False, False),
    ({"1": 2, "3": 4}, {1: 2, "1": 2}, False, False),
    ({"a": 1}, {"a": 1, "b": 2}, False, False),
    ({"a": 1.0}, {"a": 1.0000001}, True, False),
    ({"True": 1}, {True: 1}, False, False),
    ({}, {}, True, True),
    ({}, [], False, False),
    (5, 5 + 0j, True, False),
    ([1, [2, [3]]], [1, [2, [3]]], True, True),
    (10**30, 10**30, True, True),
    (10**30, float(10**30), False, False),
    (float("nan"), float("nan"), True, False),
    (float("inf"), float("inf"), True, True),
    (float("inf"), 1e308, False, False),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "value", "right", "strictly"), RETURNED)
def test_returned_values(expected: Json, value: object, right: bool, strictly: bool) -> None:
    given = encode(value)
    assert (same_result(expected, given), same_result_strict(expected, given)) == (right, strictly)


@pytest.mark.parametrize(
    "forged", [{"f": "x"}, {"i": "7"}, {"f": 1}, {"i": "0x7", "f": "0x1p0"}, {"Q": [1, 0]}]
)
def test_forged_atoms_are_value_errors(forged: Json) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # that it is one is the claim
        same_result(7, forged)


@pytest.mark.parametrize("forged", [{"d": [[]]}, {"d": ["ab"]}, {"d": [7]}, {"d": [[[], 1]]}])
def test_forged_dicts_equal_nothing(forged: Json) -> None:
    try:
        assert not same_result({"a": 1}, forged)
    except ValueError:
        return
