import pytest
from hypothesis import given
from hypothesis import strategies as st

from restem.training.batches import Slots, Updates, part

lengths_and_budgets = st.tuples(
    st.lists(st.integers(1, 60), min_size=1, max_size=60), st.integers(1, 200)
)


@given(lengths_and_budgets)
def test_every_epoch_has_every_row_once_within_the_budget(case: tuple[list[int], int]) -> None:
    lengths, budget = case
    updates = Updates(lengths, budget, 0)
    for epoch in range(3):
        drawn = updates.in_epoch(epoch)
        assert len(drawn) == updates.per_epoch
        assert sorted(row for update in drawn for row in update) == list(range(len(lengths)))
        for update in drawn:
            assert len(update) == 1 or len(update) * max(lengths[r] for r in update) <= budget


def test_the_order_is_a_function_of_seed_and_epoch_alone() -> None:
    lengths = [3 + i % 9 for i in range(40)]
    updates = Updates(lengths, 30, 0)
    third = updates.in_epoch(2)
    assert third == updates.in_epoch(2)
    assert third == Updates(lengths, 30, 0).in_epoch(2)
    assert third != Updates(lengths, 30, 1).in_epoch(2)
    assert third != updates.in_epoch(1)


@given(lengths_and_budgets, st.integers(1, 9), st.integers(1, 5))
def test_the_passes_of_all_processes_are_the_update_once(
    case: tuple[list[int], int], accumulate: int, processes: int
) -> None:
    updates = Updates(*case, 0)
    ranks = [Slots(updates, accumulate, rank, processes) for rank in range(processes)]
    for slots in ranks:
        slots.set_epoch(1)
    passes = [list(slots) for slots in ranks]
    assert {len(own) for own in passes} == {updates.per_epoch * accumulate}
    assert {len(slots) for slots in ranks} == {updates.per_epoch * accumulate}
    for number, update in enumerate(updates.in_epoch(1)):
        mine = [own[number * accumulate : (number + 1) * accumulate] for own in passes]
        slots_of_update = [slot for own in mine for [slot] in own]
        assert {whole for whole, _ in slots_of_update} == {tuple(update)}
        assert sorted(row for _, own in slots_of_update for row in own) == sorted(update)
        sizes = [len(own) for _, own in slots_of_update]
        assert max(sizes) - min(sizes) <= 1


@given(st.lists(st.integers(), max_size=20, unique=True), st.integers(1, 12))
def test_parts_are_runs_that_make_up_the_whole(update: list[int], parts: int) -> None:
    joined = [row for number in range(parts) for row in part(update, number, parts)]
    assert joined == update


@pytest.mark.parametrize("parts", [3, 8])
def test_an_update_with_fewer_rows_than_parts_leaves_some_empty(parts: int) -> None:
    sizes = [len(part([7, 5], number, parts)) for number in range(parts)]
    assert sizes.count(0) == parts - 2
    assert sorted(sizes)[-2:] == [1, 1]


def test_an_epoch_is_drawn_anew_after_it_is_set() -> None:
    updates = Updates([3 + i % 9 for i in range(40)], 30, 0)
    slots = Slots(updates, 1, 0, 1)
    drawn = []
    for epoch in (0, 3):
        slots.set_epoch(epoch)
        drawn.append([list(whole) for [(whole, _)] in slots])
    assert drawn == [updates.in_epoch(0), updates.in_epoch(3)]
