"""Which solutions are kept, and what they weigh."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restem.core.errors import DataError, ParamsError
from restem.core.params import Method
from restem.core.records import OUTCOMES, ScoredRow
from restem.method.selection import select as selected
from restem.method.selection import weight_of

REST_EM = Method("base", dedupe="exact", weight="one", beta=1.0, select="random-cap")
EXP = replace(REST_EM, weight="exp")


def row(problem: str, index: int, text: str, reward: float = 1.0) -> ScoredRow:
    outcome = "correct" if reward else "wrong"
    return ScoredRow(
        problem,
        index,
        text,
        3,
        "stop",
        -1.0,
        f"{problem}-{index}",
        "7",
        reward,
        outcome,
        "",
        "math-1",
    )


def select(rows: list[ScoredRow], method: Method, cap: int, seed: int) -> list[ScoredRow]:
    return list(selected(rows, method, cap, seed))


def many(count: int, problem: str = "p") -> list[ScoredRow]:
    return [row(problem, index, f"text {index}") for index in range(count)]


def test_wrong_solutions_are_never_kept():
    rows = [row("p", 0, "a", 0.0), row("p", 1, "b")]
    assert [r.text for r in select(rows, REST_EM, 10, 0)] == ["b"]


def test_exp_keeps_what_was_judged_and_ended_by_itself():
    rows = [replace(row("p", i, name), outcome=name) for i, name in enumerate(OUTCOMES)]
    kept = {r.outcome for r in select(rows, EXP, 10, 0)}
    assert set(OUTCOMES) - kept == {"truncated", "timeout", "error"}


def test_exp_keeps_no_empty_text():
    rows = [row("p", 0, "", 0.0), row("p", 1, "a", 0.0)]
    assert [r.text for r in select(rows, EXP, 10, 0)] == ["a"]


def test_exp_deduplicates_and_caps_wrong_solutions_as_well():
    rows = [row("p", i, f"text {i % 8}", float(i % 2)) for i in range(16)]
    kept = select(rows, EXP, 5, 0)
    assert len({r.text for r in kept}) == len(kept) == 5
    everything = select(rows, replace(EXP, select="all"), 5, 0)
    assert [r.sample_index for r in everything] == list(range(8))


@pytest.mark.parametrize(
    ("weight", "beta", "reward", "expected"),
    [
        ("one", 2.0, 0.25, 1.0),
        ("reward", 2.0, 0.25, 0.25),
        ("exp", 2.0, 0.25, math.exp(0.125)),
        ("exp", 2.0, 0.0, 1.0),
        ("exp", 2.0, -1.0, math.exp(-0.5)),
        ("exp", 1e-6, -1.0, 0.0),
        ("exp", 0.5, 40.0, math.exp(80)),
    ],
)
def test_the_weight_of_a_row(weight, beta, reward, expected):
    method = replace(REST_EM, weight=weight, beta=beta)
    assert weight_of(row("p", 0, "a", reward), method) == expected


@pytest.mark.parametrize("reward", [1.0, 0.3, 20.0])
def test_a_beta_too_small_is_refused_with_one_that_is_not(reward):
    with pytest.raises(ParamsError, match=r"^method\.beta is too small .* p sample 3,") as refused:
        weight_of(row("p", 3, "a", reward), replace(EXP, beta=reward / 701))
    assert "\n" not in str(refused.value)
    advised = float(str(refused.value).split("Set it to ")[1].split()[0])
    assert math.isfinite(weight_of(row("p", 3, "a", reward), replace(EXP, beta=advised)))


def test_equal_texts_of_one_problem_are_kept_once():
    rows = [row("p", 0, "a"), row("p", 1, "a"), row("q", 0, "a")]
    assert [(r.problem_id, r.sample_index) for r in select(rows, REST_EM, 10, 0)] == [
        ("p", 0),
        ("q", 0),
    ]


def test_dedupe_none_keeps_repeated_texts():
    rows = [row("p", 0, "a"), row("p", 1, "a")]
    assert len(select(rows, replace(REST_EM, dedupe="none"), 10, 0)) == 2


def test_cap_keeps_at_most_ten_per_problem():
    kept = select(many(32, "p") + many(4, "q"), REST_EM, 10, 0)
    assert [sum(r.problem_id == p for r in kept) for p in "pq"] == [10, 4]


def test_select_all_ignores_the_cap():
    assert len(select(many(32), replace(REST_EM, select="all"), 10, 0)) == 32


def test_select_first_keeps_the_lowest_sample_indices():
    kept = select(many(32), replace(REST_EM, select="first"), 3, 0)
    assert [r.sample_index for r in kept] == [0, 1, 2]


def test_another_seed_chooses_others():
    rows = many(32)
    assert select(rows, REST_EM, 5, 1) == select(rows, REST_EM, 5, 1)
    assert select(rows, REST_EM, 5, 1) != select(rows, REST_EM, 5, 2)


@pytest.mark.parametrize("wrong", [many(3)[::-1], many(2) + many(2), many(2, "q") + many(2, "p")])
def test_rows_out_of_order_are_refused(wrong):
    with pytest.raises(DataError, match=r"sample \d comes after . sample \d, but must be sorted"):
        select(wrong, REST_EM, 5, 1)


def test_rows_are_taken_one_problem_at_a_time():
    def rows():
        yield from many(3, "p")
        yield row("q", 0, "a")
        raise AssertionError("the third problem is not needed for the first")

    stream = selected(rows(), REST_EM, 2, 0)
    assert [next(stream).problem_id, next(stream).problem_id] == ["p", "p"]


def test_the_choice_for_a_problem_does_not_depend_on_other_problems():
    alone = select(many(32), REST_EM, 5, 1)
    together = select(many(32) + many(32, "q"), REST_EM, 5, 1)
    assert [r for r in together if r.problem_id == "p"] == alone


def test_every_solution_has_the_same_chance_to_be_kept():
    counts = [0] * 20
    for seed in range(400):
        for kept in select(many(20), REST_EM, 10, seed):
            counts[kept.sample_index] += 1
    assert min(counts) > 160  # mean 200, standard deviation 10
    assert max(counts) < 240


@given(
    st.lists(
        st.tuples(st.sampled_from("pqr"), st.integers(0, 3), st.sampled_from([0.0, 1.0])),
        max_size=60,
    ),
    st.integers(1, 4),
)
@pytest.mark.filterwarnings("ignore")
def test_kept_rows_are_correct_distinct_capped_and_sorted(drawn, cap):
    rows = [
        row(problem, index, str(text), reward)
        for index, (problem, text, reward) in enumerate(sorted(drawn, key=lambda one: one[0]))
    ]
    kept = select(rows, REST_EM, cap, 0)
    keys = [(r.problem_id, r.sample_index) for r in kept]
    assert keys == sorted(keys)
    assert all(r.reward > 0 for r in kept)
    assert len({(r.problem_id, r.text) for r in kept}) == len(kept)
    for problem in "pqr":
        distinct = len({r.text for r in rows if r.problem_id == problem and r.reward > 0})
        assert sum(r.problem_id == problem for r in kept) == min(cap, distinct)
