"""Lossless, one token per piece of the world, nothing unknown, saved and loaded unchanged."""

from itertools import islice
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from restem.worlds import corpus, prompts
from restem.worlds.model import build_model
from restem.worlds.tokenizer import EOS_ID, PAD_ID, PIECES, build_tokenizer, pieces, vocabulary

TOKENIZER = build_tokenizer()
BYTES = range(2, 258)
MATH = st.text(alphabet="Problem:\nSolution\\boxed{}0123456789 +-*/=x()<>", max_size=60)


def decoded(tokenizer: PreTrainedTokenizerFast, ids: list[int]) -> str:
    text = tokenizer.decode(ids)
    assert isinstance(text, str)
    return text


@given(st.text(max_size=80) | MATH)
@example("<eos>")
@example("<pad><0x41><unk>")
@example("Janet’s ducks lay 16 eggs\r\n\tper day; 她每天吃三个。 ▁ ﻿ \x00 \U0001f986")
@settings(deadline=None, derandomize=True, database=None, max_examples=200)
def test_any_text_comes_back_unchanged(text: str) -> None:
    assert decoded(TOKENIZER, TOKENIZER.encode(text)) == text


def test_corpus_text_comes_back_unchanged_and_needs_no_bytes() -> None:
    for document in islice(corpus.documents(Random(99), ()), 2000):
        text = prompts.SEPARATOR.join(prompt + written for prompt, written in document)
        ids = TOKENIZER.encode(text)
        assert decoded(TOKENIZER, ids) == text
        assert not set(ids) & {EOS_ID, PAD_ID, *BYTES}, text


def test_every_piece_of_the_world_is_one_token() -> None:
    assert len(vocabulary()) > 300
    for piece in vocabulary():
        assert TOKENIZER.convert_ids_to_tokens(TOKENIZER.encode(piece)) == [piece]


def test_a_sentence_is_cut_as_its_pieces_are() -> None:
    text = "Problem: Solve 13x+576=22.\nSolution:\nx=07/199\n\\boxed{5/6}\n\n"
    tokens = TOKENIZER.convert_ids_to_tokens(TOKENIZER.encode(text))
    expected = (
        "Problem:| Solve| |13|x|+|57|6|=|22|.|\n|Solution:|\n|x|=|07|/|199|\n|\\boxed{|5|/|6|}|\n\n"
    )
    assert tokens == expected.split("|")
    assert set(tokens) == pieces([text])


@given(st.text(max_size=60))
@settings(deadline=None, derandomize=True, database=None)
def test_plain_text_never_becomes_a_special_token(text: str) -> None:
    ids = TOKENIZER.encode(text.replace("<", ""))
    assert EOS_ID not in ids
    assert PAD_ID not in ids


def test_nothing_is_unknown() -> None:
    assert TOKENIZER.unk_token is None
    assert "<unk>" not in TOKENIZER.get_vocab()
    assert len(TOKENIZER.encode("<unk>")) == 5  # bytes and letters, as any other text


def test_nothing_is_added_around_the_text() -> None:
    assert TOKENIZER.encode("") == []
    assert TOKENIZER.encode("First") == [TOKENIZER.get_vocab()["First"]]


@pytest.mark.parametrize("shots", [0, 4])
def test_prompt_and_solution_are_encoded_apart_as_together(shots: int) -> None:
    context = prompts.few_shot_prompt("Compute 1+1.", shots)
    known = TOKENIZER.encode(context)
    for document in islice(corpus.documents(Random(98), ()), 400):
        for prompt, written in document:
            completion = written + prompts.SEPARATOR
            assert TOKENIZER.encode(prompt + completion) == TOKENIZER.encode(
                prompt
            ) + TOKENIZER.encode(completion)
            if prompt:
                assert TOKENIZER.encode(context + written) == known + TOKENIZER.encode(written)


def test_saved_tokenizer_is_loaded_unchanged(tmp_path: Path) -> None:
    build_model(len(TOKENIZER), EOS_ID, PAD_ID, seed=0).save_pretrained(tmp_path)
    TOKENIZER.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = "Problem: Tom has 576 pens. 多少？\nSolution:\n\\boxed{-3}\n\n<eos>"
    assert loaded.get_vocab() == TOKENIZER.get_vocab()
    assert loaded.encode(text) == TOKENIZER.encode(text)
    assert loaded.decode(loaded.encode(text)) == text
    assert (loaded.eos_token_id, loaded.pad_token_id) == (EOS_ID, PAD_ID)
    assert loaded.clean_up_tokenization_spaces is False


def test_vocabulary_is_the_same_every_time() -> None:
    assert build_tokenizer().get_vocab() == TOKENIZER.get_vocab()
    assert len(set(vocabulary())) == len(vocabulary())
    assert PIECES.endswith("|.")
