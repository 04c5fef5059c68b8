"""From documents to batches: token ids with labels on what authors wrote, grouped by length.

Shapes: B examples, T tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import TYPE_CHECKING

from restem.worlds.tokenizer import EOS_ID, PAD_ID
from restem.worlds.world import Segment

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast

IGNORED = -100  # label without a loss
BUCKET = 1024  # documents that are sorted by length together


@dataclass(frozen=True, slots=True)
class Example:
    """One document."""

    ids: list[int]
    labels: list[int]
    """The same ids, IGNORED where a prompt is."""


def examples(
    documents: Iterable[Sequence[Segment]], separator: str, tokenizer: PreTrainedTokenizerFast
) -> Iterator[Example]:
    """Documents as token ids, an end token after the last solution."""
    between = tokenizer.encode(separator)
    for document in documents:
        ids: list[int] = []
        labels: list[int] = []
        for number, (prompt, text) in enumerate(document, 1):
            asked = tokenizer.encode(prompt)
            written = tokenizer.encode(text)
            written += [EOS_ID] if number == len(document) else between
            ids += asked + written
            labels += [IGNORED] * len(asked) + written
        yield Example(ids, labels)


def batches(stream: Iterator[Example], batch_tokens: int, rng: Random) -> Iterator[list[Example]]:
    """Endless batches of about `batch_tokens` tokens (padding included) from an endless stream."""
    while True:
        bucket = list(islice(stream, BUCKET))
        ready = list(pack(bucket, batch_tokens, rng))
        rng.shuffle(ready)
        yield from ready


def pack(bucket: Iterable[Example], batch_tokens: int, rng: Random) -> Iterator[list[Example]]:
    """Batches of examples of similar length, the shortest first; equal lengths in random order."""
    batch: list[Example] = []
    for example in sorted(bucket, key=lambda e: (len(e.ids), rng.random())):
        if batch and (len(batch) + 1) * len(example.ids) > batch_tokens:
            yield batch
            batch = []
        batch.append(example)
    yield batch


def collate(batch: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """ids_BT and labels_BT, padded on the right."""
    import torch

    length = max(len(example.ids) for example in batch)
    ids_BT = torch.full((len(batch), length), PAD_ID)
    labels_BT = torch.full((len(batch), length), IGNORED)
    for row, example in enumerate(batch):
        ids_BT[row, : len(example.ids)] = torch.tensor(example.ids)
        labels_BT[row, : len(example.ids)] = torch.tensor(example.labels)
    return ids_BT, labels_BT
