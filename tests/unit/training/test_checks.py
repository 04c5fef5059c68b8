from dataclasses import replace

import pytest
from training_jobs import TRAIN

from restem.training.checks import Check, best, check_steps, should_stop


@pytest.mark.parametrize(
    ("num_batches", "epochs", "per_epoch", "steps"),
    [
        (10, 2, 1, [10, 20]),
        (10, 1, 3, [3, 7, 10]),
        (4, 2, 2, [2, 4, 6, 8]),
        (2, 1, 5, [1, 2]),
        (1, 3, 4, [1, 2, 3]),
    ],
)
def test_checks_are_spread_evenly_and_close_every_epoch(
    num_batches: int, epochs: int, per_epoch: int, steps: list[int]
) -> None:
    assert check_steps(num_batches, epochs, per_epoch) == steps


def checks(*rewards: float) -> list[Check]:
    return [Check(10 * (i + 1), i + 1.0, reward) for i, reward in enumerate(rewards)]


def test_the_first_of_equal_rewards_is_best() -> None:
    assert best(checks(0.2, 0.5, 0.5, 0.1)).step == 20


@pytest.mark.parametrize(
    ("rewards", "patience", "min_updates", "stop"),
    [
        ((0.5,), 0, 0, False),
        ((0.5, 0.6), 0, 0, False),
        ((0.5, 0.5), 0, 0, True),
        ((0.5, 0.4), 1, 0, False),
        ((0.5, 0.4, 0.5), 1, 0, True),
        ((0.5, 0.4, 0.6), 1, 0, False),
        ((0.5, 0.4, 0.3), 1, 31, False),
        ((0.5, 0.4, 0.3), 1, 30, True),
    ],
)
def test_training_stops_when_patience_is_used_up_and_not_before_min_updates(
    rewards: tuple[float, ...], patience: int, min_updates: int, stop: bool
) -> None:
    train = replace(TRAIN, patience=patience, min_updates=min_updates)
    assert should_stop(checks(*rewards), train) is stop
