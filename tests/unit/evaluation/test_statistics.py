"""Intervals: known cases, coverage on simulated data, determinism."""

from __future__ import annotations

import numpy as np
import pytest

from restem.evaluation.statistics import (
    GAIN,
    LOSS,
    NO_CHANGE,
    Interval,
    bootstrap,
    paired,
    verdict,
)


def test_the_interval_of_shares_agrees_with_the_normal_one() -> None:
    found = bootstrap([1] * 300 + [0] * 700, 5000, 0)
    half = 1.96 * np.sqrt(0.3 * 0.7 / 1000)
    assert found.mean == pytest.approx(0.3)
    assert found.low == pytest.approx(0.3 - half, abs=0.003)
    assert found.high == pytest.approx(0.3 + half, abs=0.003)


def test_it_is_the_interval_of_resampled_problems() -> None:
    """The same as drawing the problems one by one, for fractions too."""
    values = np.random.default_rng(1).beta(2, 1, 150)
    found = bootstrap(values, 20_000, 2)
    rng = np.random.default_rng(3)
    means = [values[rng.integers(0, 150, 150)].mean() for _ in range(20_000)]
    low, high = np.quantile(means, (0.025, 0.975))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.002)


def test_intervals_hold_the_truth_in_95_of_100_draws_of_problems() -> None:
    rng, hits, trials = np.random.default_rng(0), 0, 200
    for trial in range(trials):
        found = bootstrap(rng.random(200) < 0.3, 1000, trial)
        hits += found.low <= 0.3 <= found.high
    assert 0.92 <= hits / trials <= 0.98


def test_paired_intervals_hold_the_true_difference_in_95_of_100() -> None:
    """Difficulties are shared: the later policy solves all the earlier one does, and 10 % more."""
    rng, hits, trials = np.random.default_rng(5), 0, 200
    for trial in range(trials):
        hidden, noise = rng.random(200), rng.normal(0, 0.1, (2, 200))
        before, after = hidden + noise[0] < 0.4, hidden + noise[1] < 0.5
        found = paired(before, after, 1000, trial)
        hits += found.low <= 0.1 <= found.high
    assert 0.92 <= hits / trials <= 0.98


def test_pairing_narrows_the_interval() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.random(300)
    before, after = hidden < 0.4, hidden < 0.45
    apart = bootstrap(after, 2000, 0)
    assert (found := paired(before, after, 2000, 0)).low > 0
    assert found.high - found.low < (apart.high - apart.low) / 2


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    values = [0, 1, 1, 0.5, 0.25] * 20
    assert bootstrap(values, 500, 7) == bootstrap(values, 500, 7)
    assert bootstrap(values, 500, 7) != bootstrap(values, 500, 8)


def test_the_order_of_problems_does_not_matter() -> None:
    values = np.random.default_rng(0).random(80)
    found, mixed = bootstrap(values, 500, 7), bootstrap(values[::-1], 500, 7)
    assert (found.low, found.high) == (mixed.low, mixed.high)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random(50)
    whole = bootstrap(values, 500, 7)
    monkeypatch.setattr("restem.evaluation.statistics.BLOCK", 350)
    assert bootstrap(values, 500, 7) == whole


def test_several_seeds_are_averaged_per_problem_first() -> None:
    """Ten copies of one run are no more evidence than the run."""
    run = (np.random.default_rng(0).random(100) < 0.4).astype(float)
    assert bootstrap([run] * 10, 500, 1).high == pytest.approx(bootstrap(run, 500, 1).high)
    assert bootstrap([[0, 1], [1, 1]], 500, 1).mean == 0.75


def test_paired_takes_different_numbers_of_seeds_but_not_of_problems() -> None:
    assert paired([[0, 0], [1, 0]], [1, 1], 200, 0).mean == 0.75
    with pytest.raises(ValueError, match="paired"):
        paired([0, 1], [0, 1, 1], 200, 0)


@pytest.mark.parametrize("num", [1, 48, 1000])
def test_none_and_all_of_the_problems_have_the_exact_interval(num: int) -> None:
    """Its end is where seeing none, or all, has a chance of 2.5 %."""
    none, every = bootstrap([0] * num, 200, 0), bootstrap([1] * num, 200, 0)
    assert (none.mean, none.low, every.mean, every.high) == (0, 0, 1, 1)
    assert (1 - none.high) ** num == pytest.approx(0.025)
    assert every.low**num == pytest.approx(0.025)


def test_no_changed_problem_leaves_room_for_change_both_ways() -> None:
    found = paired([0, 1] * 24, [0, 1] * 24, 200, 0)
    assert found.mean == 0
    assert (found.low, found.high) == pytest.approx((-0.074, 0.074), abs=0.0005)
    assert verdict(found) == NO_CHANGE


@pytest.mark.parametrize(("num", "said"), [(1, NO_CHANGE), (5, NO_CHANGE), (6, GAIN), (48, GAIN)])
def test_problems_that_all_change_are_significant_as_in_the_sign_test(num: int, said: str) -> None:
    found = paired([0] * num, [1] * num, 200, 0)
    assert (found.mean, found.high) == (1, 1)
    assert verdict(found) == said
    assert (2 * 0.5**num < 0.05) == (said == GAIN)


def test_equal_fractions_get_an_interval_around_them_within_the_possible() -> None:
    for value in (0.01, 0.5, 0.99):
        found = bootstrap([value] * 3, 200, 0)
        assert 0 <= found.low < value < found.high <= 1


def test_rounding_does_not_hide_that_all_differences_are_equal() -> None:
    before, after = [0.1, 0.2, 0.3], [0.3, 0.4, 0.5]
    assert len({b - a for a, b in zip(before, after, strict=True)}) > 1
    assert paired(before, after, 200, 0).low < 0


@pytest.mark.parametrize("values", [[], [[]], 0.5])
def test_no_problems_are_refused(values: object) -> None:
    with pytest.raises(ValueError, match="problem"):
        bootstrap(values, 200, 0)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.01, 0.2, GAIN), (-0.2, -0.01, LOSS), (-0.1, 0.1, NO_CHANGE), (0.0, 0.1, NO_CHANGE),
     (-0.1, 0.0, NO_CHANGE), (0.0, 0.0, NO_CHANGE)],
)  # fmt: skip
def test_an_interval_that_holds_zero_is_no_significant_change(
    low: float, high: float, said: str
) -> None:
    assert verdict(Interval((low + high) / 2, low, high)) == said
