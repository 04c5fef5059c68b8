"""pass@k and maj@k against enumeration, closed forms and their invariants."""

from __future__ import annotations

from itertools import combinations
from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restem.evaluation.estimators import majority_chance, pass_at_k

COUNTS = st.integers(1, 60).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))
)
STEADY = settings(deadline=None, derandomize=True, database=None)
VOTES = st.lists(st.one_of(st.none(), st.integers(0, 4)), min_size=1, max_size=12)


@pytest.mark.parametrize(("n", "c", "k"), [(1, 0, 1), (5, 2, 3), (6, 1, 6), (7, 3, 2), (8, 6, 3)])
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_sample(n: int, c: int, k: int) -> None:
    subsets = list(combinations(range(n), k))
    hits = sum(any(i < c for i in subset) for subset in subsets)
    assert pass_at_k(n, c, k) == hits / len(subsets)


@STEADY
@given(COUNTS)
def test_pass_at_1_is_the_share_of_correct_samples(counts: tuple[int, int, int]) -> None:
    n, c, _ = counts
    assert pass_at_k(n, c, 1) == c / n


@STEADY
@given(COUNTS)
def test_pass_at_k_is_the_product_form_of_the_paper(counts: tuple[int, int, int]) -> None:
    n, c, k = counts
    miss = 1.0
    for i in range(n - c + 1, n + 1):  # arXiv 2107.03374, listing 1
        miss *= 1 - k / i
    assert isclose(pass_at_k(n, c, k), 1.0 if n - c < k else 1 - miss, abs_tol=1e-12)


@STEADY
@given(COUNTS)
def test_pass_at_k_rises_with_k_and_with_correct_samples(counts: tuple[int, int, int]) -> None:
    n, c, k = counts
    assert 0 <= pass_at_k(n, c, k) <= 1
    assert pass_at_k(n, c, k) >= pass_at_k(n, c, max(1, k - 1))
    assert pass_at_k(n, c, k) >= pass_at_k(n, max(0, c - 1), k)


def test_pass_at_k_stays_exact_where_floats_would_vanish() -> None:
    assert pass_at_k(10_000, 1, 1) == 1 / 10_000
    assert pass_at_k(2_000, 1, 1_000) == 0.5


@pytest.mark.parametrize(("n", "c", "k"), [(4, 1, 5), (4, 5, 1), (4, -1, 1), (4, 1, 0)])
def test_pass_at_k_refuses_impossible_counts(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"samples|correct"):
        pass_at_k(n, c, k)


@pytest.mark.parametrize(
    ("classes", "correct", "chance"),
    [
        ([0, 0, 1], [True, True, False], 1.0),
        ([0, 0, 1], [False, False, True], 0.0),
        ([0, 1], [True, False], 0.5),  # a tie is shared
        ([0, 1, 2], [False, True, False], 1 / 3),
        ([0, 1, 1, 2, 2], [True, False, False, True, True], 0.5),
        ([None, None, 0], [False, False, True], 1.0),  # no answer has no vote
        ([None, None], [False, False], 0.0),
        ([0, 0, 1], [True, False, False], 0.5),  # the verifier is split over one class
    ],
)
def test_majority_chance(classes: list[int | None], correct: list[bool], chance: float) -> None:
    assert isclose(majority_chance(classes, correct), chance)


@STEADY
@given(VOTES, st.integers(0, 4), st.randoms())
def test_majority_is_a_chance_that_order_and_empty_answers_do_not_change(
    classes: list[int | None], gold: int, rng: object
) -> None:
    chance = majority_chance(classes, [cls == gold for cls in classes])
    assert 0 <= chance <= 1
    mixed = list(classes)
    rng.shuffle(mixed)  # type: ignore[attr-defined]  # a random.Random
    mixed.append(None)
    assert isclose(majority_chance(mixed, [cls == gold for cls in mixed]), chance)


@STEADY
@given(VOTES)
def test_one_of_the_classes_wins(classes: list[int | None]) -> None:
    chances = [majority_chance(classes, [cls == gold for cls in classes]) for gold in range(5)]
    assert isclose(sum(chances), 0 if set(classes) == {None} else 1, abs_tol=1e-9)


def test_majority_needs_a_judgement_per_vote() -> None:
    with pytest.raises(ValueError, match="zip"):
        majority_chance([0, 1], [True])
