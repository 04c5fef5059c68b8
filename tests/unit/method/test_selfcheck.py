"""Golds and human solutions must pass, or the problem is quarantined."""

from collections.abc import Sequence

import pytest

from restem.core.errors import DataError
from restem.core.records import CORRECT, ERROR, NO_ANSWER, TIMEOUT, WRONG, Problem, Verdict
from restem.method.selfcheck import (
    Quarantined,
    check_quarantined,
    count_quarantined,
    self_check,
)


def problem(name: str, gold: str = "1", human: str | None = None, *more: str) -> Problem:
    return Problem(name, "t", "train", "s", 1, "?", "?", (), gold, human, more)


class Judge:
    """Says of a text what it holds: "correct", "wrong", ...; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, problems: Sequence[Problem], texts: Sequence[str]) -> list[Verdict]:
        self.asked.append([f"{p.problem_id}:{t}" for p, t in zip(problems, texts, strict=True)])
        return [Verdict(float(t == CORRECT), t, None, f"was {t}") for t in texts]


def gold_text(problem: Problem) -> str | None:
    return None if problem.gold == "tests" else problem.gold


def test_a_right_gold_is_enough() -> None:
    splits = {"train": [problem("a", CORRECT)], "test": [problem("b", CORRECT)]}
    checked = self_check(splits, Judge(), gold_text)
    assert checked.splits == splits
    assert (checked.quarantined, checked.num_judged, checked.faults) == ([], 2, [])


def test_a_wrong_gold_is_quarantined_without_a_look_at_solutions() -> None:
    judge = Judge()
    checked = self_check({"test": [problem("a", NO_ANSWER, CORRECT)]}, judge, gold_text)
    assert checked.splits == {"test": []}
    assert checked.quarantined == [
        Quarantined("a", "test", NO_ANSWER, f"was {NO_ANSWER}", NO_ANSWER)]  # fmt: skip
    assert judge.asked == [[f"a:{NO_ANSWER}"]]


def test_the_first_solution_that_passes_becomes_the_human_one_and_ends_the_search() -> None:
    judge = Judge()
    splits = {"train": [
        problem("a", "tests", WRONG, TIMEOUT, CORRECT, WRONG),
        problem("b", "tests", CORRECT, WRONG),
        problem("c", "tests"),
        problem("d", CORRECT, None, CORRECT),
    ]}  # fmt: skip
    checked = self_check(splits, judge, gold_text)
    assert [(p.problem_id, p.human_solution, p.references) for p in checked.splits["train"]] == [
        ("a", CORRECT, ()), ("b", CORRECT, ()), ("c", None, ()), ("d", CORRECT, ())]  # fmt: skip
    assert judge.asked == [
        ["d:correct"],
        ["a:wrong", "b:correct", "d:correct"],
        ["a:timeout"],
        ["a:correct"],
    ]
    assert checked.num_judged == 6
    assert [(name, verdict.outcome) for name, verdict in checked.faults] == [("a", TIMEOUT)]


def test_solutions_of_which_none_passes_quarantine_with_what_the_first_did() -> None:
    splits = {"train": [problem("a", "tests", WRONG, ERROR), problem("b", CORRECT, WRONG)]}
    checked = self_check(splits, Judge(), gold_text)
    assert [(q.problem_id, q.outcome) for q in checked.quarantined] == [("a", WRONG), ("b", WRONG)]
    assert checked.splits == {"train": []}


def test_a_long_gold_is_cut() -> None:
    checked = self_check({"test": [problem("a", "x" * 300)]}, Judge(), gold_text)
    assert checked.quarantined[0].gold == "x" * 200


def quarantined(split: str, *outcomes: str) -> list[Quarantined]:
    return [Quarantined(f"{split}-{k}", split, o, "why", "") for k, o in enumerate(outcomes)]


def test_the_quarantined_are_counted_by_split_and_outcome() -> None:
    found = [*quarantined("train", WRONG, ERROR, WRONG), *quarantined("test", WRONG)]
    assert count_quarantined(found) == {"train": {ERROR: 1, WRONG: 2}, "test": {WRONG: 1}}


def test_too_many_of_a_split_are_refused_and_faults_are_not_among_them() -> None:
    found = [*quarantined("train", WRONG), *quarantined("test", TIMEOUT, ERROR, WRONG, NO_ANSWER)]
    sizes = {"train": 10, "test": 20}
    check_quarantined(found, sizes, 0.1)
    with pytest.raises(DataError) as error:
        check_quarantined(found, sizes, 0.09)
    assert str(error.value).startswith(
        "1 of 10 problems of train have a gold or solutions that the verifier refuses, the first "
        "is train-0 (wrong: why); data.max_quarantined allows 9.0% (params.yaml). "
    )
    with pytest.raises(DataError, match=r"2 of 19 problems of test .* first is test-2 \(wrong"):
        check_quarantined(found, sizes | {"test": 19}, 0.1)
