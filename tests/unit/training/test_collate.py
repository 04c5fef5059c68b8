import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention.flex_attention import create_mask

from restem.training.collate import collate, flex_mask, tree_mask
from restem.training.dataset import Row

# Ids 9 8 7 are the trunk; two branches of 3 and 2 tokens.
TREE = Row([9, 8, 7], ([6, 5, 0], [4, 0]), (2.0, 0.5), "a")
LINE = Row([9, 8], ([3, 0],), (1.0,), "b")


def test_a_batch_is_padded_on_the_right_without_the_prefix() -> None:
    rows = [
        Row([9, 8, 7, 6], ([5, 4],), (2.0,), "a"),
        Row([9, 8, 7], ([3],), (0.5,), "b"),
    ]
    batch = collate([rows[0], rows[1]], 2, 0, "token")
    assert batch["input_ids"].tolist() == [[7, 6, 5, 4], [7, 3, 0, 0]]
    assert batch["keep"].tolist() == [0, 1, 2]
    assert batch["source"].tolist() == [[0, 1], [0, 2], [1, 0]]
    assert batch["targets"].tolist() == [5, 4, 3]
    assert batch["weights"].tolist() == [2.0, 2.0, 0.5]
    assert batch["real"] == 6


def test_rows_of_one_solution_need_neither_segments_nor_positions() -> None:
    assert not {"segments", "positions"} & set(collate([LINE], 0, 0, "token"))


def test_the_solutions_of_a_row_stand_at_the_same_positions() -> None:
    batch = collate([TREE, LINE], 1, 1, "token")
    assert batch["input_ids"].tolist() == [[8, 7, 6, 5, 0, 4, 0], [8, 3, 0, 1, 1, 1, 1]]
    assert batch["segments"].tolist() == [[0, 0, 1, 1, 1, 2, 2], [0, 1, 1, -1, -1, -1, -1]]
    assert batch["positions"].tolist() == [[1, 2, 3, 4, 5, 3, 4], [1, 2, 3, 0, 0, 0, 0]]


def test_the_first_token_of_every_solution_is_predicted_by_the_end_of_the_prompt() -> None:
    batch = collate([TREE], 0, 0, "token")
    places = [int(batch["keep"][place]) for _, place in batch["source"].tolist()]
    assert list(zip(places, batch["targets"].tolist(), strict=True)) == [
        *((2, 6), (3, 5), (4, 0)),
        *((2, 4), (6, 0)),
    ]


@pytest.mark.parametrize(
    ("normalize", "weights"),
    [("token", [2.0, 2.0, 2.0, 0.5, 0.5]), ("solution", [2 / 3, 2 / 3, 2 / 3, 0.25, 0.25])],
)
def test_a_solution_weighs_by_token_or_as_a_whole(normalize: str, weights: list[float]) -> None:
    batch = collate([TREE], 0, 0, normalize)
    torch.testing.assert_close(batch["weights"], torch.tensor(weights))
    torch.testing.assert_close(float(batch["weights"].sum()), TREE.mass(normalize))


def test_a_token_sees_the_prefix_the_trunk_and_its_own_branch_up_to_itself() -> None:
    batch = collate([TREE], 1, 0, "token")
    mask = tree_mask(batch["segments"], 1)
    assert mask.shape == (1, 1, 7, 8)
    seen = ["".join("x" if see else "." for see in row) for row in mask[0, 0].tolist()]
    assert seen == [
        # P 8 7 6 5 0 4 0
        "xx......",
        "xxx.....",
        "xxxx....",
        "xxxxx...",
        "xxxxxx..",
        "xxx...x.",
        "xxx...xx",
    ]


segments_of_rows = st.lists(
    st.tuples(st.integers(1, 4), st.lists(st.integers(1, 5), min_size=1, max_size=4)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25, deadline=None)
@given(segments_of_rows, st.integers(0, 3))
def test_flex_attention_is_told_the_same_mask(
    shapes: list[tuple[int, list[int]]], num_prefix: int
) -> None:
    rows = [
        Row(
            [9] * (num_prefix + trunk), tuple([5] * size for size in sizes), (1.0,) * len(sizes), ""
        )
        for trunk, sizes in shapes
    ]
    two = Row([9] * (num_prefix + 1), ([5], [5]), (1.0, 1.0), "")  # so that there are segments
    batch = collate([*rows, two], num_prefix, 0, "token")
    B, T = batch["segments"].shape
    blocks = flex_mask(batch["segments"], num_prefix)
    told = create_mask(blocks.mask_mod, B, 1, T, num_prefix + T, device="cpu")  # type: ignore[attr-defined]
    assert torch.equal(told, tree_mask(batch["segments"], num_prefix))


def test_blocks_no_token_of_which_is_seen_are_left_out() -> None:
    row = Row([9] * 128, tuple([5] * 128 for _ in range(3)), (1.0,) * 3, "")
    blocks = flex_mask(collate([row], 0, 0, "token")["segments"], 0).to_dense()  # type: ignore[attr-defined]
    assert blocks[0, 0].tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]]


def test_no_rows_are_a_row_without_targets() -> None:
    batch = collate([], 3, 1, "token")
    assert batch["input_ids"].tolist() == [[1]]
    assert batch["targets"].tolist() == batch["weights"].tolist() == []
    assert batch["source"].shape == (0, 2)
    assert batch["real"] == 0
