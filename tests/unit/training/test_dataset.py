from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_jobs import SHOTS, rows, tokenizer

from restem.core.errors import DataError, EngineError
from restem.core.records import TrainRow
from restem.training.dataset import IGNORED, Batches, Example, collate, encode, shared_prefix

ROW = TrainRow(f"{SHOTS} Problem: w1 Solution:", "w2 w3 .", 1.0, "p1", "s1")


def labelled(example: Example) -> list[tuple[int, int]]:
    """(input id, label) of a row in a batch of its own."""
    batch = collate([(0, example)], 0, 0)
    return list(zip(batch["input_ids"][0].tolist(), batch["labels"][0].tolist(), strict=True))


def test_only_the_solution_and_the_end_are_targets() -> None:
    words = tokenizer()
    [example], _ = encode([ROW], words, 64)
    targets = [label for _, label in labelled(example) if label != IGNORED]
    assert words.convert_ids_to_tokens(targets) == ["w2", "w3", ".", "<eos>"]
    assert words.decode(example.input_ids) == f"{ROW.prompt} {ROW.completion} <eos>"
    assert all(label in (ids, IGNORED) for ids, label in labelled(example))


def test_a_beginning_token_stands_before_the_prompt_only() -> None:
    words = tokenizer(bos=True)
    [example], _ = encode([ROW], words, 64)
    assert words.convert_ids_to_tokens(example.input_ids).count("<bos>") == 1
    assert example.input_ids[: example.num_prompt] == words(ROW.prompt)["input_ids"]
    assert example.input_ids[0] == 3
    assert labelled(example)[0][1] == IGNORED


def test_a_row_without_a_solution_is_named() -> None:
    with pytest.raises(DataError, match="p7"):
        encode([ROW, replace(ROW, completion=" ", problem_id="p7")], tokenizer(), 64)


def test_a_row_without_a_prompt_is_named() -> None:
    with pytest.raises(DataError, match="p7"):
        encode([replace(ROW, prompt="", problem_id="p7")], tokenizer(), 64)


def test_an_empty_prompt_will_do_where_the_tokenizer_begins_texts_itself() -> None:
    [example], _ = encode([replace(ROW, prompt="")], tokenizer(bos=True), 64)
    assert example.num_prompt == 1


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_an_impossible_weight_is_refused(weight: float) -> None:
    with pytest.raises(DataError, match="p1: weight"):
        encode([replace(ROW, weight=weight)], tokenizer(), 64)


@pytest.mark.parametrize("none", [[], [replace(ROW, weight=0.0)]])
def test_nothing_to_train_on_is_refused(none: list[TrainRow]) -> None:
    with pytest.raises(DataError, match="no solutions to train on"):
        encode(none, tokenizer(), 64)


def test_rows_of_weight_zero_are_left_out() -> None:
    assert encode([ROW, replace(ROW, weight=0.0), ROW], tokenizer(), 64) == encode(
        [ROW, ROW], tokenizer(), 64
    )


def test_overlong_rows_are_counted_and_left_out() -> None:
    long = replace(ROW, completion="w1 " * 20, problem_id="p9")
    exact = len(encode([ROW], tokenizer(), 64)[0][0].input_ids)
    examples, num_overlong = encode([long, ROW, long], tokenizer(), exact)
    assert [example.problem_id for example in examples] == ["p1"]
    assert num_overlong == 2


def test_all_rows_overlong_says_what_to_set() -> None:
    long = replace(ROW, completion="w1 " * 5)
    with pytest.raises(DataError, match=r"exceed 5 tokens.*max_length to 25 "):
        encode([ROW, long], tokenizer(), 5)


def test_a_tokenizer_without_an_end_token_is_refused() -> None:
    words = tokenizer()
    words.eos_token = None
    with pytest.raises(EngineError, match="eos_token"):
        encode([ROW], words, 64)


def test_the_shared_prefix_is_the_few_shot_part() -> None:
    examples, _ = encode(rows(), tokenizer(), 64)
    assert shared_prefix(examples) == tokenizer()(f"{SHOTS} Problem:")["input_ids"]


def test_the_shared_prefix_leaves_every_prompt_a_token() -> None:
    [example], _ = encode([ROW], tokenizer(), 64)
    assert shared_prefix([example, example]) == example.input_ids[: example.num_prompt - 1]
    short = Example(example.input_ids, 3, 1.0, "p")
    assert len(shared_prefix([example, short])) == 2


lengths_and_budgets = st.tuples(
    st.lists(st.integers(1, 60), min_size=1, max_size=60), st.integers(1, 200)
)


@given(lengths_and_budgets)
def test_every_epoch_has_every_row_once_within_the_budget(case: tuple[list[int], int]) -> None:
    lengths, budget = case
    batches = Batches(lengths, budget, 0)
    for epoch in range(3):
        batches.set_epoch(epoch)
        drawn = list(batches)
        assert len(drawn) == len(batches)
        assert sorted(row for batch in drawn for row in batch) == list(range(len(lengths)))
        for batch in drawn:
            assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= budget


def test_the_order_is_a_function_of_seed_and_epoch_alone() -> None:
    lengths = [3 + i % 9 for i in range(40)]
    batches = Batches(lengths, 30, 0)
    batches.set_epoch(2)
    third = list(batches)
    assert third == list(batches)
    assert third == Batches(lengths, 30, 0).in_epoch(2)
    assert third != Batches(lengths, 30, 1).in_epoch(2)
    assert third != batches.in_epoch(1)


def test_a_batch_is_padded_on_the_right_without_the_prefix() -> None:
    examples = [Example([9, 8, 7, 6, 5, 4], 4, 2.0, "a"), Example([9, 8, 7, 3], 3, 0.5, "b")]
    batch = collate([(5, examples[0]), (2, examples[1])], 2, 0)
    assert batch["input_ids"].tolist() == [[7, 6, 5, 4], [7, 3, 0, 0]]
    assert batch["labels"].tolist() == [[-100, -100, 5, 4], [-100, 3, -100, -100]]
    assert batch["weights"].tolist() == [2.0, 0.5]
    assert batch["rows"].tolist() == [5, 2]
    assert batch["target_weight"] == 2 * 2.0 + 1 * 0.5
    assert batch["num_logits"] == 4
