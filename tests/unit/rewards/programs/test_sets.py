"""Sets keep their order: as source text, as real Python makes them, and as told and built again."""

import random

import pytest

from restem.rewards.programs.sets import built, told

Values = set[object] | frozenset[object]


def rebuilt(values: Values) -> Values:
    size, parts = told(values)
    return built(size, parts, isinstance(values, frozenset))


def draw(rng: random.Random, kind: int, count: int) -> list[object]:
    """Values that collide often: small and large numbers, words, tuples."""
    if kind == 0:
        return [rng.randrange(3 * count) for _ in range(count)]
    if kind == 1:
        return [rng.randrange(10**9) * 8 for _ in range(count)]
    if kind == 2:
        return ["".join(rng.choices("abc", k=rng.randrange(1, 7))) for _ in range(count)]
    return [(rng.randrange(9), rng.choice("xy")) for _ in range(count)]


@pytest.mark.parametrize("kind", range(4))
@pytest.mark.parametrize("how", ["display", "call", "copy", "union"])
def test_sets_arrive_in_their_order(kind: int, how: str) -> None:
    rng = random.Random(kind)
    for _ in range(200):
        values = draw(rng, kind, rng.choice([2, 3, 5, 6, 7, 12, 19, 20, 60, 130]))
        text = "{" + ", ".join(map(repr, values)) + "}"
        made: dict[str, Values] = {
            "display": eval(text),
            "call": set(values),
            "copy": frozenset(set(values)),
            "union": set(values[::2]) | set(values[1::2]),
        }
        assert list(rebuilt(made[how])) == list(made[how]), text


@pytest.mark.parametrize("kind", range(4))
def test_what_arrives_is_told_alike(kind: int) -> None:
    """So that nobody takes an unchanged argument for a changed one."""
    rng = random.Random(kind)
    for _ in range(100):
        first = set(draw(rng, kind, 12))
        assert told(rebuilt(first)) == told(first)


def test_sets_that_lost_values_keep_the_others() -> None:
    values = set(range(0, 400, 7))
    for value in range(0, 300, 7):
        values.discard(value)
    assert rebuilt(values) == values
    assert rebuilt(set()) == set()


@pytest.mark.parametrize("size", [-8, 1, 7, 24, 1 << 40])
def test_sizes_that_are_none_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="no size"):
        built(size, [1, 2, 3], frozen=False)
