from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_jobs import SHOTS, families, rows, tokenizer

from restem.core.errors import DataError, EngineError
from restem.core.records import TrainRow
from restem.training.collate import collate
from restem.training.dataset import Example, Row, encode, into_rows, shared_prefix

ROW = TrainRow(f"{SHOTS} Problem: w1 Solution:", "w2 w3 .", 1.0, "p1", "s1")


def target_words(words: Any, example: Example) -> list[str]:
    """What a batch of the example alone asks the model to predict."""
    [row] = into_rows([example], 64, share=True)
    targets: list[str] = words.convert_ids_to_tokens(collate([row], 0, 0, "token")["targets"])
    return targets


def test_only_the_solution_and_the_end_are_targets() -> None:
    words = tokenizer()
    [example], _ = encode([ROW], words, 64)
    assert target_words(words, example) == ["w2", "w3", ".", "<eos>"]
    assert words.decode(example.input_ids) == f"{ROW.prompt} {ROW.completion} <eos>"
    assert example.num_targets == 4


def test_a_beginning_token_stands_before_the_prompt_only() -> None:
    words = tokenizer(bos=True)
    [example], _ = encode([ROW], words, 64)
    assert words.convert_ids_to_tokens(example.input_ids).count("<bos>") == 1
    assert example.input_ids[: example.num_prompt] == words(ROW.prompt)["input_ids"]
    assert example.input_ids[0] == 3
    assert target_words(words, example) == ["w2", "w3", ".", "<eos>"]


CHAT = (
    "{{ bos_token }}{% for message in messages %}<|{{ message.role }}|> {{ message.content }} "
    "<|end|> {% endfor %}{% if add_generation_prompt %}<|assistant|> {% endif %}"
)


def chat_tokenizer() -> Any:
    """With the markers of a chat as special tokens, and <bos> in the template, as Llama has it."""
    words = tokenizer()
    words.add_special_tokens(
        {
            "bos_token": "<bos>",
            "additional_special_tokens": ["<|user|>", "<|assistant|>", "<|end|>"],
        }
    )
    words.chat_template = CHAT
    return words


def test_markers_of_a_chat_in_the_prompt_are_single_ids_and_no_targets() -> None:
    words = chat_tokenizer()
    chat = [{"role": "user", "content": "Problem: w1 w2"}]
    prompt = words.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    [example], _ = encode([replace(ROW, prompt=prompt)], words, 64)
    rendered = words.apply_chat_template(chat, add_generation_prompt=True)["input_ids"]
    assert example.input_ids[: example.num_prompt] == rendered
    assert words.convert_ids_to_tokens(rendered) == [
        *("<bos>", "<|user|>", "Problem:", "w1", "w2", "<|end|>", "<|assistant|>")
    ]
    assert target_words(words, example) == ["w2", "w3", ".", "<eos>"]


def test_the_end_token_of_the_tokenizer_ends_a_solution() -> None:
    words = chat_tokenizer()
    words.eos_token = "<|end|>"
    [example], _ = encode([ROW], words, 64)
    assert target_words(words, example) == ["w2", "w3", ".", "<|end|>"]


def test_an_end_token_in_a_prompt_is_no_target() -> None:
    words = tokenizer()
    [example], _ = encode([replace(ROW, prompt="Problem: w1 <eos> Solution:")], words, 64)
    assert words.convert_ids_to_tokens(example.input_ids).count("<eos>") == 2
    assert target_words(words, example) == ["w2", "w3", ".", "<eos>"]


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


@pytest.mark.parametrize("share", [0.39, 0.0])
def test_more_overlong_rows_than_allowed_are_refused_with_both_numbers(share: float) -> None:
    long = replace(ROW, completion="w1 " * 20)
    with pytest.raises(DataError, match=rf"2 of 5 .*exceed 30 tokens.* share of {share:g}\. Set "):
        encode([long, ROW, long, ROW, ROW], tokenizer(), 30, share)


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_as_many_overlong_rows_as_allowed_are_counted(share: float) -> None:
    long = replace(ROW, completion="w1 " * 20)
    examples, num_overlong = encode([long, ROW, long, ROW, ROW], tokenizer(), 30, share)
    assert (len(examples), num_overlong) == (3, 2)


def test_a_share_that_rounding_makes_smaller_is_still_allowed() -> None:
    assert 0.29 * 100 < 29
    long = replace(ROW, completion="w1 " * 20)
    assert encode([long] * 29 + [ROW] * 71, tokenizer(), 30, 0.29)[1] == 29


def test_max_length_as_advised_leaves_no_row_out() -> None:
    long = [replace(ROW, completion="w1 " * count) for count in (4, 20, 9)]
    with pytest.raises(DataError) as told:
        encode([ROW, *long], tokenizer(), 26, 0.0)
    advised = int(str(told.value).partition("Set train.max_length to ")[2].split()[0])
    assert encode([ROW, *long], tokenizer(), advised, 0.0)[1] == 0
    assert encode([ROW, *long], tokenizer(), advised - 1, 1.0)[1] == 1


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


def solutions_of(row: Row) -> list[tuple[list[int], float]]:
    return list(zip(row.solutions, row.weights, strict=True))


drawn_examples = st.lists(
    st.builds(
        lambda prompt, length, weight: Example(
            [prompt] * (1 + prompt) + [9] * length, 1 + prompt, weight, f"p{prompt}"
        ),
        st.integers(0, 3),
        st.integers(1, 12),
        st.floats(0.1, 2),
    ),
    min_size=1,
    max_size=20,
)


@given(drawn_examples, st.integers(4, 30), st.booleans())
def test_rows_hold_every_solution_once_in_order_and_are_not_too_long(
    examples: list[Example], max_length: int, share: bool
) -> None:
    made = into_rows(examples, max_length, share)
    for problem in range(4):
        mine = [e for e in examples if e.problem_id == f"p{problem}"]
        held = [pair for r in made if r.problem_id == f"p{problem}" for pair in solutions_of(r)]
        assert held == [(e.input_ids[e.num_prompt :], e.weight) for e in mine]
    for row in made:
        assert len(row.solutions) == 1 or (share and row.length <= max_length)
        assert row.length == len(row.prompt) + sum(len(ids) for ids in row.solutions)
    firsts = [e.problem_id for i, e in enumerate(examples) if e not in examples[:i]]
    assert list(dict.fromkeys(row.problem_id for row in made)) == list(dict.fromkeys(firsts))


@pytest.mark.parametrize(("less", "num_solutions"), [(0, [3, 1]), (1, [2, 2])])
def test_solutions_of_a_prompt_share_a_row_until_it_is_full(
    less: int, num_solutions: list[int]
) -> None:
    examples, _ = encode(families(2, 4), tokenizer(), 64)
    full = examples[0].num_prompt + sum(e.num_targets for e in examples[:3])
    first, second, *_ = into_rows(examples, full - less, share=True)
    assert [len(row.solutions) for row in (first, second)] == num_solutions
    assert first.prompt == second.prompt == examples[0].input_ids[: examples[0].num_prompt]


def test_solutions_of_a_prompt_share_a_row_wherever_they_stand() -> None:
    examples, _ = encode(families(2, 2), tokenizer(), 64)
    a, b = into_rows([examples[i] for i in (0, 2, 1, 3)], 64, share=True)
    assert (a.problem_id, b.problem_id) == ("p00", "p01")
    assert [*a.solutions, *b.solutions] == [e.input_ids[e.num_prompt :] for e in examples]


def test_what_a_row_adds_to_the_denominator() -> None:
    row = Row([1, 2], ([3, 4, 0], [5, 0]), (2.0, 0.5), "p")
    assert row.mass("token") == 2.0 * 3 + 0.5 * 2
    assert row.mass("solution") == 2.0 + 0.5
