"""Randomness as a function of what it is for."""

from __future__ import annotations

from restem.core.seeds import seed_for, stable_hash


def test_a_hash_does_not_change_between_versions_and_machines() -> None:
    assert stable_hash({"b": 2, "a": None}) == stable_hash({"a": None, "b": 2})
    expected = "2657442bb4a48d62f780ea60395ef2d2"
    assert stable_hash("a", 1)[:32] == expected  # SHA-256 of ["a", 1]


def test_parts_do_not_run_into_one_another() -> None:
    assert len({stable_hash("ab", "c"), stable_hash("a", "bc"), stable_hash("abc")}) == 3
    assert stable_hash("1") != stable_hash(1)


def test_seeds_are_spread_over_63_bits() -> None:
    seeds = [seed_for(0, "sample", index) for index in range(2000)]
    assert len(set(seeds)) == 2000
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert 0.45 < sum(seed >> 62 for seed in seeds) / 2000 < 0.55
    assert 0.45 < sum(seed & 1 for seed in seeds) / 2000 < 0.55
