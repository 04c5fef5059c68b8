"""No question in two splits."""

import pytest

from restem.core.errors import DataError
from restem.core.records import Problem
from restem.method.decontamination import check_disjoint


def problem(problem_id: str, split: str, question: str) -> Problem:
    return Problem(problem_id, "t", split, "s", 1, question, question, (), "{}", None)


def test_disjoint_splits_pass():
    check_disjoint(
        {"train": [problem("a", "train", "1+1?")], "test": [problem("b", "test", "1+2?")]}
    )


@pytest.mark.parametrize("other", ["What is 1+1?", "what  is\n1+1? "])
def test_a_test_question_in_train_is_refused_whatever_its_case_and_spacing(other):
    splits = {
        "train": [problem("a", "train", other)],
        "test": [problem("b", "test", "What is 1+1?")],
    }
    with pytest.raises(DataError, match=r"b \(test\) asks what a \(train\) asks"):
        check_disjoint(splits)


def test_an_id_that_occurs_twice_is_refused():
    splits = {"train": [problem("a", "train", "x")], "val": [problem("a", "val", "y")]}
    with pytest.raises(DataError, match="problem_id a occurs twice"):
        check_disjoint(splits)


def test_a_question_may_repeat_within_a_split():
    check_disjoint({"train": [problem("a", "train", "x"), problem("b", "train", "x")]})
