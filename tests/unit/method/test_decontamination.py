"""No question in two splits; how D and the evaluated sets overlap, and when that is refused."""

import random
import tracemalloc

import pytest

from restem.core.errors import DataError
from restem.core.params import Overlap
from restem.core.records import Problem
from restem.method import decontamination
from restem.method.decontamination import check_disjoint, overlaps, without_exemplars

NONE = Overlap(0.0, 0.0, 0.0)
ANY = Overlap(1.0, 1.0, 1.0)


def problem(problem_id: str, split: str, question: str) -> Problem:
    return Problem(problem_id, "t", split, "s", 1, question, question, (), "{}", None)


def numbered(split: str, *questions: str) -> list[Problem]:
    return [problem(f"{split}-{k}", split, question) for k, question in enumerate(questions)]


def counts(splits: dict[str, list[Problem]]) -> dict[str, tuple[object, ...]]:
    return {
        split: tuple(measures[m]["count"] for m in ("exact", "digits", "ngram"))
        for split, measures in overlaps(splits).items()
    }


def test_disjoint_splits_pass() -> None:
    check_disjoint(
        {"train": [problem("a", "train", "1+1?")], "test": [problem("b", "test", "1+2?")]}
    )


@pytest.mark.parametrize("other", ["What is 1+1?", "what  is\n1+1? "])
def test_a_test_question_in_train_is_refused_whatever_its_case_and_spacing(other: str) -> None:
    splits = {
        "train": [problem("a", "train", other)],
        "test": [problem("b", "test", "What is 1+1?")],
    }
    with pytest.raises(DataError, match=r"b \(test\) asks what a \(train\) asks"):
        check_disjoint(splits)
    with pytest.raises(DataError, match=r"1 problems of test \(100\.00%\) agree word for word"):
        decontamination.check(splits, NONE)


@pytest.mark.parametrize("check", [check_disjoint, lambda s: decontamination.check(s, ANY)])
def test_two_evaluated_sets_share_no_question(check) -> None:  # type: ignore[no-untyped-def]
    splits = {"train": [], "test": numbered("test", "x"), "svamp": numbered("svamp", "X ")}
    with pytest.raises(DataError, match=r"svamp-0 \(svamp\) asks what test-0 \(test\) asks"):
        check(splits)


@pytest.mark.parametrize("check", [check_disjoint, lambda s: decontamination.check(s, ANY)])
def test_an_id_that_occurs_twice_is_refused(check) -> None:  # type: ignore[no-untyped-def]
    splits = {"train": [problem("a", "train", "x")], "val": [problem("a", "val", "y")]}
    with pytest.raises(DataError, match="problem_id a occurs twice"):
        check(splits)


def test_a_question_may_repeat_within_a_split() -> None:
    check_disjoint({"train": [problem("a", "train", "x"), problem("b", "train", "x")]})


# ---- few-shot examples


def test_few_shot_examples_leave_d_and_d_val() -> None:
    splits = {
        "train": numbered("train", "a?", "B\\\\ x ?", "c?"),
        "val": numbered("val", "d?", "e?"),
        "test": numbered("test", "f?"),
    }
    kept, removed = without_exemplars(splits, ["b\\ x?", "E?", "f!", "not there"])
    assert removed == ["train-1", "val-1"]
    assert {split: [p.problem_id for p in ps] for split, ps in kept.items()} == {
        "train": ["train-0", "train-2"], "val": ["val-0"], "test": ["test-0"]}  # fmt: skip


@pytest.mark.parametrize("split", ["test", "svamp"])
def test_a_test_problem_is_no_few_shot_example(split: str) -> None:
    splits = {"train": [], split: numbered(split, "a?", "b?")}
    with pytest.raises(DataError, match=rf"{split}-1 \({split}\) is one of the few-shot examples"):
        without_exemplars(splits, ["B?"])


# ---- overlap

TWELVE = "one two three four five six seven eight nine ten eleven twelve"
THIRTEEN = f"{TWELVE} thirteen"


@pytest.mark.parametrize(
    ("train", "test", "found"),
    [
        ("Add 1 and 2.", "add  1 and 2.", (1, 1, 0)),
        ("Add 1 and 2.", "Add 17 and 0.", (0, 1, 0)),
        ("Add 1 and 2.", "Add x and 2.", (0, 0, 0)),
        ("Add 1 and 2.", "Add 1.5 and 2.", (0, 0, 0)),
        (f"So: {THIRTEEN} left", f"And {THIRTEEN.upper()} right", (0, 0, 1)),
        (f"So: {TWELVE} left", f"And {TWELVE} right", (0, 0, 0)),
        (THIRTEEN, THIRTEEN, (1, 1, 1)),
        (THIRTEEN, f"{THIRTEEN} more", (0, 0, 1)),
    ],
)
def test_the_three_measures(train: str, test: str, found: tuple[int, int, int]) -> None:
    splits = {"train": numbered("train", train), "test": numbered("test", test)}
    assert counts(splits) == {"test": found}


def test_each_set_is_counted_with_its_share_and_first_pairs() -> None:
    questions = [f"What is {k}?" for k in range(20)]
    splits = {
        "train": numbered("train", "other", *questions),
        "val": numbered("val", "nothing alike"),
        "test": numbered("test", "unlike any", *questions[:7]),
        "empty": [],
    }
    table = overlaps(splits)
    assert table["test"]["exact"] == {
        "count": 7, "share": 0.875,
        "examples": [[f"test-{k}", f"train-{k}"] for k in range(1, 6)],
    }  # fmt: skip
    # up to digits all of them are one question, and the first of D stands for it
    assert table["test"]["digits"]["examples"] == [[f"test-{k}", "train-1"] for k in range(1, 6)]
    assert table["val"]["exact"] == table["empty"]["ngram"] == {
        "count": 0, "share": 0.0, "examples": []}  # fmt: skip


@pytest.mark.parametrize("measure", ["exact", "digits", "ngram"])
def test_more_than_is_allowed_is_refused(measure: str) -> None:
    splits = {
        "train": numbered("train", "x", THIRTEEN),
        "test": numbered("test", THIRTEEN, "y", "z"),
    }
    decontamination.check(splits, ANY)
    decontamination.check(splits, Overlap(0.34, 0.34, 0.34))
    with pytest.raises(DataError) as error:
        decontamination.check(
            splits, Overlap(**({"exact": 1, "digits": 1, "ngram": 1} | {measure: 0.33}))
        )
    said = str(error.value)
    assert "1 problems of test (33.33%) agree" in said
    assert "the first is test-0 with train-1" in said
    assert f"data.max_overlap.{measure} allows 33.00%" in said
    assert said.endswith("raise it to 0.34.")
    assert "\n" not in said


def test_memory_grows_with_the_evaluated_problems_alone() -> None:
    """Also where all share a phrase, which is the worst case of an index."""
    rng = random.Random(0)
    vocabulary = [f"w{chr(97 + k // 26)}{chr(97 + k % 26)}" for k in range(600)]

    def made(split: str, size: int) -> list[Problem]:
        return numbered(split, *(
            f"{THIRTEEN} {' '.join(rng.choices(vocabulary, k=100))}" for _ in range(size)
        ))  # fmt: skip

    splits = {"train": made("train", 1000), "test": made("test", 500)}
    tracemalloc.start()
    assert counts(splits) == {"test": (0, 0, 500)}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500 * 100 * 250  # bytes for each run of 13 words in the evaluated set
