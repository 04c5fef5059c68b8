from __future__ import annotations

import random

import pytest
from tiny_models import byte_tokenizer, word_tokenizer

from restem.sampling.stops import StopFinder, cut


def test_cut_takes_the_earliest_stop() -> None:
    assert cut("a stop b end", ("end", "stop")) == "a "
    assert cut("nothing", ("end", "")) is None


def first_end(finder: StopFinder, ids: list[int], stop: tuple[str, ...]) -> tuple[int, str] | None:
    """Tokens read until the finder stops, and the text; as the decoding loop does it."""
    suspects = finder.suspects([stop])
    assert suspects is not None
    for size in range(1, len(ids) + 1):
        if suspects[ids[size - 1]]:
            text = finder.ended(ids[:size], stop)
            if text is not None:
                return size, text
    return None


@pytest.mark.parametrize(
    ("text", "stop"),
    [
        ("one two\n\nthree", "\n\n"),
        ("größe über alles", "ü"),
        ("price 5 €uro", "€"),
        ("ends here →", "→"),
        ("日本語の文。次", "。"),
        ("emoji 👍🏽 done", "👍🏽"),
        ("never there", "absent"),
    ],
)
def test_stops_are_found_at_the_token_that_completes_them_byte_by_byte(
    text: str, stop: str
) -> None:
    tokenizer = byte_tokenizer()
    ids = tokenizer(text).input_ids
    found = first_end(StopFinder(tokenizer, len(tokenizer)), ids, (stop,))
    if stop not in text:
        assert found is None
    else:
        before = text[: text.index(stop)]
        assert found == (len((before + stop).encode()), before)


def test_stops_are_found_like_by_decoding_after_every_token() -> None:
    tokenizer, rng = word_tokenizer(), random.Random(0)
    finder = StopFinder(tokenizer, len(tokenizer))
    stop = ("\n\n", "w9Problem", "w1", "5 w", "\n w7")
    hits = 0
    for _ in range(300):
        ids = [rng.choice((2, 2, 3, 5, 7, 9, rng.randrange(2, 60))) for _ in range(20)]
        texts = (
            tokenizer.decode(ids[:n], clean_up_tokenization_spaces=False) for n in range(1, 21)
        )
        ends = ((n, before) for n, t in enumerate(texts, 1) if (before := cut(t, stop)) is not None)
        wanted = next(ends, None)
        assert first_end(finder, ids, stop) == wanted
        hits += wanted is not None
    assert hits > 100


def test_tokens_beyond_the_tokenizer_are_harmless() -> None:
    tokenizer = word_tokenizer()
    finder = StopFinder(tokenizer, len(tokenizer) + 10)
    suspects = finder.suspects([("\n",)])
    assert suspects is not None
    assert suspects.nonzero().squeeze(1).tolist() == [2]
    assert finder.ended([65, 2], ("\n",)) == ""


def test_without_stop_strings_there_are_no_suspects() -> None:
    tokenizer = word_tokenizer()
    assert StopFinder(tokenizer, len(tokenizer)).suspects([(), ("",)]) is None
