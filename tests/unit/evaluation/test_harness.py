"""The protocol of evaluation, on a scripted policy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from restem.core.params import Eval
from restem.core.protocols import Sampling
from restem.core.records import ERROR, TIMEOUT, Completion, Problem, Verdict
from restem.core.storage import COLUMNS, from_bytes, to_bytes
from restem.evaluation.harness import evaluate

PARAMS = Eval(
    max_new_tokens=50, train_problems=3, sampled_problems=2, samples=4, temperature=1.0, top_p=0.95,
    maj_temperature=0.7, maj_top_k=40, pass_at=[1, 2, 4], bootstrap_draws=200,
)  # fmt: skip


def problem(name: str, level: int = 1, subject: str = "sums") -> Problem:
    split = name.split("-")[0]
    return Problem(name, "toy", split, subject, level, "?", "?", (), '{"answer": "7"}', None)


class Script:
    """Draws what it is told per problem, and remembers what it was asked."""

    def __init__(self, **texts: list[str]) -> None:
        self.texts = {name.replace("_", "-"): value for name, value in texts.items()}
        self.asked: list[tuple[list[str], int, Sampling]] = []

    def __call__(
        self, asked: Sequence[Problem], n: int, sampling: Sampling
    ) -> list[list[Completion]]:
        self.asked.append(([p.problem_id for p in asked], n, sampling))
        return [[self.complete(p.problem_id, k) for k in range(n)] for p in asked]

    def complete(self, name: str, index: int) -> Completion:
        texts = self.texts.get(name, ["7"])
        text = texts[index % len(texts)]
        reason = "length" if text.endswith("...") else "stop"
        return Completion(text.removesuffix("..."), len(text), reason, None)


class Words:
    """A reward on words: 7 is right, 07 is the same answer; some words break the verifier."""

    def score(self, problems: Sequence[Problem], texts: Sequence[str]) -> list[Verdict]:
        return [self.judge(text) for text in texts]

    def judge(self, text: str) -> Verdict:
        if text in (TIMEOUT, ERROR):
            return Verdict(0.0, text, None, "broken")
        if not text.isdigit():
            return Verdict(0.0, "no_answer", None, "")
        is_right = int(text) == 7
        return Verdict(float(is_right), "correct" if is_right else "wrong", text, "")

    def group(self, answers: Sequence[str | None]) -> list[int | None]:
        return [None if answer is None else int(answer) for answer in answers]


SETS = {
    "test": [problem("test-2", 2), problem("test-1"), problem("test-3", 1, "maps")],
    "val": [problem("val-1")],
    "train": [problem("train-1"), problem("train-2")],
    "stories": [problem("stories-1")],
}


def metric(found: dict[str, object], *path: str) -> object:
    for part in path:
        assert isinstance(found, dict)
        found = found[part]  # type: ignore[assignment]
    return found


def test_greedy_covers_every_set_and_sampling_the_first_problems_of_val_and_test() -> None:
    draw = Script()
    evaluate(SETS, draw, Words(), PARAMS, 3)
    greedy, passing, voting = draw.asked
    assert sorted(greedy[0]) == sorted(p.problem_id for one in SETS.values() for p in one)
    assert (greedy[1], greedy[2].temperature) == (1, 0.0)
    assert passing[0] == voting[0] == ["val-1", "test-2", "test-1"]
    assert passing[1] == voting[1] == 4
    assert (passing[2].temperature, passing[2].top_k, passing[2].top_p) == (1.0, 0, 0.95)
    assert (voting[2].temperature, voting[2].top_k, voting[2].top_p) == (0.7, 40, 1.0)
    assert passing[2].seed != voting[2].seed
    assert {one[2].max_new_tokens for one in draw.asked} == {50}


def test_rows_have_the_columns_of_the_table_sorted_by_set_and_problem() -> None:
    rows, _ = evaluate(SETS, Script(), Words(), PARAMS, 0)
    assert [list(row) for row in rows] == [list(COLUMNS["eval"])] * 7
    assert [(row["set"], row["problem_id"]) for row in rows] == sorted(
        (name, p.problem_id) for name, problems in SETS.items() for p in problems
    )
    assert from_bytes("eval", to_bytes("eval", rows), "memory") == rows


def test_outcomes_counts_and_accuracies_add_up() -> None:
    draw = Script(test_1=["8"], test_2=["7..."], test_3=["7"])
    rows, metrics = evaluate(SETS, draw, Words(), PARAMS, 0)
    test = metrics["test"]
    assert isinstance(test, dict)
    assert {k: v for k, v in test["outcomes"].items() if v} == {
        "correct": 1, "wrong": 1, "truncated": 1,
    }  # fmt: skip
    assert test["pass_at_1"]["mean"] == pytest.approx(1 / 3, abs=1e-6)
    assert test["by_level"] == {"1": 0.5, "2": 0.0}
    assert test["by_subject"] == {"maps": 1.0, "sums": 0.0}
    assert test["mean_tokens"] == 2.0
    assert [row["outcome"] for row in rows if row["set"] == "test"] == [
        "wrong", "truncated", "correct",
    ]  # fmt: skip


def test_pass_at_k_and_majority_come_from_the_samples() -> None:
    draw = Script(test_1=["7", "8", "07", "9"], test_2=["8", "8", "7", "9"])
    rows, metrics = evaluate(SETS, draw, Words(), PARAMS, 0)
    by_id = {row["problem_id"]: row for row in rows}
    assert (by_id["test-1"]["num_samples"], by_id["test-1"]["num_correct"]) == (4, 2)
    assert by_id["test-1"]["maj"] == 1.0  # 7 and 07 are one class
    assert by_id["test-2"]["maj"] == 0.0
    assert metric(metrics, "test", "pass_at", "1", "mean") == pytest.approx((0.5 + 0.25) / 2)
    assert metric(metrics, "test", "pass_at", "4", "mean") == 1.0
    assert metric(metrics, "test", "maj_at", "4", "mean") == 0.5
    assert metric(metrics, "test", "num_sampled_problems") == 2
    assert by_id["test-3"]["num_samples"] is by_id["test-3"]["maj"] is None


def test_a_solution_that_was_cut_off_has_no_vote() -> None:
    draw = Script(test_1=["8...", "8...", "8...", "7"])
    rows, _ = evaluate(SETS, draw, Words(), PARAMS, 0)
    assert next(row for row in rows if row["problem_id"] == "test-1")["maj"] == 1.0


def test_sets_that_are_not_sampled_have_no_pass_at_k() -> None:
    _, metrics = evaluate(SETS, Script(), Words(), PARAMS, 0)
    assert "pass_at" not in metrics["train"]  # type: ignore[operator]
    assert metric(metrics, "stories", "num_sampled_problems") == 0


def test_sampling_can_be_switched_off_and_empty_sets_are_left_out() -> None:
    draw = Script()
    sets = {**SETS, "stories": []}
    _, metrics = evaluate(sets, draw, Words(), replace(PARAMS, sampled_problems=0), 0)
    assert len(draw.asked) == 1
    assert sorted(metrics) == ["test", "train", "val"]
    assert "pass_at" not in metrics["test"]  # type: ignore[operator]


def test_faults_of_the_verifier_are_counted_apart_from_the_model() -> None:
    draw = Script(test_1=[TIMEOUT + "..."], test_3=[ERROR])
    rows, metrics = evaluate(SETS, draw, Words(), PARAMS, 0)
    assert next(row for row in rows if row["problem_id"] == "test-1")["outcome"] == TIMEOUT
    assert metric(metrics, "test", "num_scored") == 3 + 2 * 8
    assert metric(metrics, "test", "num_faults") == 2 + 8


def test_the_same_seed_gives_the_same_metrics_as_plain_json() -> None:
    first = evaluate(SETS, Script(test_1=["8"]), Words(), PARAMS, 5)
    assert evaluate(SETS, Script(test_1=["8"]), Words(), PARAMS, 5) == first
    assert json.loads(json.dumps(first[1])) == first[1]
