"""The tokenizer: whole pieces for the texts of a world, bytes for everything else.

Nothing is ever unknown, and decoding gives back what was encoded. The vocabulary depends on the
world only, never on params.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from random import Random
from typing import TYPE_CHECKING

from restem.worlds.model import MAX_LENGTH
from restem.worlds.world import World

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

EOS, PAD = "<eos>", "<pad>"
EOS_ID, PAD_ID = 0, 1
SURVEYED = 3000  # documents; every word of a world occurs in them (tested)


def vocabulary(world: World) -> list[str]:
    """Every piece of the world's texts, sorted."""
    texts = (
        text + world.separator
        for document in islice(world.documents(Random(12345), ()), SURVEYED)
        for segment in document
        for text in segment
    )
    return sorted(world.extra | pieces(world, texts))


def pieces(world: World, texts: Iterable[str]) -> set[str]:
    return {piece for text in texts for piece in re.findall(world.pieces, text)}


def build_tokenizer(world: World) -> PreTrainedTokenizerFast:
    """A fast tokenizer that `save_pretrained` writes and `AutoTokenizer` reads."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    # One score for all pieces, so that the fewest tokens win: a known piece stays whole.
    scores = [(EOS, 0.0), (PAD, 0.0), *((f"<0x{byte:02X}>", -1.0) for byte in range(256))]
    scores += [(piece, -1.0) for piece in vocabulary(world)]
    # The library asks for an unknown token; with all 256 bytes at hand it is never used (tested).
    tokenizer = Tokenizer(models.Unigram(scores, unk_id=EOS_ID, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(world.pieces), "isolated")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=EOS,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
        model_max_length=MAX_LENGTH,
    )
