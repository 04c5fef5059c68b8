"""Lossless, one token per piece of its world, nothing unknown, saved and loaded unchanged."""

import json
import re
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from settings import data
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from restem.tasks import code
from restem.worlds.arithmetic import prompts
from restem.worlds.arithmetic.world import ARITHMETIC
from restem.worlds.model import build_model
from restem.worlds.programs.world import PROGRAMS
from restem.worlds.tokenizer import EOS_ID, PAD_ID, build_tokenizer, pieces, vocabulary
from restem.worlds.world import World

pytestmark = pytest.mark.slow  # thousands of documents or programs

WORLDS = {"arithmetic": ARITHMETIC, "programs": PROGRAMS}
TOKENIZERS = {name: build_tokenizer(world) for name, world in WORLDS.items()}
MATH, CODE = TOKENIZERS["arithmetic"], TOKENIZERS["programs"]
BYTES = range(2, 258)
TYPED = st.text(alphabet="Problem:\nSolution\\boxed{}0123456789 +-*/=x()<>[]a", max_size=60)

each_world = pytest.mark.parametrize("name", WORLDS)


def decoded(tokenizer: PreTrainedTokenizerFast, ids: list[int]) -> str:
    text = tokenizer.decode(ids)
    assert isinstance(text, str)
    return text


def tokens(tokenizer: PreTrainedTokenizerFast, text: str) -> list[str]:
    found = tokenizer.convert_ids_to_tokens(tokenizer.encode(text))
    assert isinstance(found, list)
    return found


def is_known(tokenizer: PreTrainedTokenizerFast, text: str) -> bool:
    """Whether the text comes back unchanged, and needs neither bytes nor special tokens."""
    ids = tokenizer.encode(text)
    return decoded(tokenizer, ids) == text and not set(ids) & {EOS_ID, PAD_ID, *BYTES}


@each_world
@given(text=st.text(max_size=80) | TYPED)
@example(text="<eos>")
@example(text="<pad><0x41><unk>")
@example(text="Janet’s ducks lay 16 eggs\r\n\tper day; 她每天吃三个。 ▁ ﻿ \x00 \U0001f986")
@settings(deadline=None, derandomize=True, database=None, max_examples=150)
def test_any_text_comes_back_unchanged(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]
    assert decoded(tokenizer, tokenizer.encode(text)) == text


@each_world
def test_corpus_text_comes_back_unchanged_and_needs_no_bytes(name: str) -> None:
    for document in islice(WORLDS[name].documents(Random(99), ()), 3000):
        text = WORLDS[name].separator.join(prompt + written for prompt, written in document)
        assert is_known(TOKENIZERS[name], text), text


@each_world
def test_what_opens_a_solution_is_one_known_token(name: str) -> None:
    """The words after a prompt's last newline have no leading space; as others, they are known."""
    opened = set()
    for document in islice(WORLDS[name].documents(Random(97), ()), 3000):
        for _, written in document:
            first = re.findall(WORLDS[name].pieces, written)[0]
            assert tokens(TOKENIZERS[name], written)[0] == first
            opened.add(first)
    words = {"First", "We", "Clearly", "thus", "Facts"} if name == "arithmetic" else {
        "a=list(map(int,input().split()))", "a=input()", "    ", "    return ",
        "a=[int(t) for t in input().split()]; "}  # fmt: skip
    assert words <= opened


def test_prompts_and_human_programs_of_the_code_task_need_no_bytes() -> None:
    few = data(few_shot=4, train_problems=200, val_problems=40, test_problems=40,
               transfer_problems=60)  # fmt: skip
    for problem in (p for split in code.problems(few).values() for p in split):
        assert is_known(CODE, problem.prompt)
        assert problem.human_solution is not None
        assert is_known(CODE, problem.human_solution)
        canonical = json.loads(problem.gold)["tests"].get("canonical_solution", "")
        assert is_known(CODE, canonical)
        assert len(CODE.encode(problem.human_solution)) < 90


@each_world
def test_every_piece_of_the_world_is_one_token(name: str) -> None:
    known = vocabulary(WORLDS[name])
    assert len(known) == {"arithmetic": 336, "programs": 122}[name]
    for piece in known:
        assert tokens(TOKENIZERS[name], piece) == [piece]


def test_a_sentence_is_cut_as_its_pieces_are() -> None:
    text = "Problem: Solve 13x+576=22.\nSolution:\nx=07/199\n\\boxed{5/6}\n\n"
    expected = (
        "Problem:| Solve| |13|x|+|57|6|=|22|.|\n|Solution:|\n|x|=|07|/|199|\n|\\boxed{|5|/|6|}|\n\n"
    )
    assert tokens(MATH, text) == expected.split("|")
    assert set(tokens(MATH, text)) == pieces(ARITHMETIC, [text])


def test_a_program_is_cut_into_idioms() -> None:
    text = (
        "Keep those above 3. Double each.\na=[x for x in a if x%2==0]\na=[3-x for x in a]\n"
        "print(sorted(a)[::-1])"
    )
    expected = (
        "Keep those above |3|. |Double each|.|\n|a=[x for x in a if |x%|2|==0|]|\n"
        "|a=[|3|-x| for x in a]|\n|print(|sorted(a)|[::-1]|)"
    )
    assert tokens(CODE, text) == expected.split("|")


def test_digits_of_programs_are_single() -> None:
    assert tokens(CODE, "x>=17") == ["x>=", "1", "7"]


@each_world
@given(text=st.text(max_size=60))
@settings(deadline=None, derandomize=True, database=None)
def test_plain_text_never_becomes_a_special_token(name: str, text: str) -> None:
    ids = TOKENIZERS[name].encode(text.replace("<", ""))
    assert EOS_ID not in ids
    assert PAD_ID not in ids


@each_world
def test_nothing_is_unknown(name: str) -> None:
    assert TOKENIZERS[name].unk_token is None
    assert "<unk>" not in TOKENIZERS[name].get_vocab()
    assert len(TOKENIZERS[name].encode("<unk>")) == 5  # bytes and letters, as any other text


def test_nothing_is_added_around_the_text() -> None:
    assert MATH.encode("") == []
    assert MATH.encode("First") == [MATH.get_vocab()["First"]]


@pytest.mark.parametrize("shots", [0, 4])
def test_prompt_and_solution_are_encoded_apart_as_together(shots: int) -> None:
    apart(ARITHMETIC, MATH, prompts.few_shot_prompt("Compute 1+1.", shots))


def test_prompt_and_program_are_encoded_apart_as_together() -> None:
    apart(PROGRAMS, CODE, "Problem: Double each. Print the sum.\nProgram:\n")


def apart(world: World, tokenizer: PreTrainedTokenizerFast, context: str) -> None:
    """Tokens never cross the border between a prompt and what follows."""
    known = tokenizer.encode(context)
    for document in islice(world.documents(Random(98), ()), 400):
        for prompt, written in document:
            completion = written + world.separator
            together = tokenizer.encode(prompt) + tokenizer.encode(completion)
            assert tokenizer.encode(prompt + completion) == together
            if prompt:
                assert tokenizer.encode(context + written) == known + tokenizer.encode(written)


@each_world
def test_saved_tokenizer_is_loaded_unchanged(name: str, tmp_path: Path) -> None:
    tokenizer = TOKENIZERS[name]
    build_model(len(tokenizer), EOS_ID, PAD_ID, 0, WORLDS[name].rope_theta).save_pretrained(
        tmp_path
    )
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = "Problem: Tom has 576 pens. 多少？\nSolution:\n\\boxed{-3}\n\n<eos>\na=[x for x in a]"
    assert loaded.get_vocab() == tokenizer.get_vocab()
    assert loaded.encode(text) == tokenizer.encode(text)
    assert loaded.decode(loaded.encode(text)) == text
    assert (loaded.eos_token_id, loaded.pad_token_id) == (EOS_ID, PAD_ID)
    assert loaded.clean_up_tokenization_spaces is False


@each_world
def test_vocabulary_is_the_same_every_time(name: str) -> None:
    assert build_tokenizer(WORLDS[name]).get_vocab() == TOKENIZERS[name].get_vocab()
    assert len(set(vocabulary(WORLDS[name]))) == len(vocabulary(WORLDS[name]))
    assert WORLDS[name].pieces.endswith("|.")
