"""What the shared parts (tokenizer, batches, pre-training) need to know of a world."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from random import Random

Segment = tuple[str, str]
"""A prompt and what an author wrote after it; the model learns the second."""


@dataclass(frozen=True, slots=True)
class World:
    """A kind of problems, and the texts a base model grows up with."""

    about: str
    """What it knows, for the model card: "short arithmetic"."""
    documents: Callable[[Random, Collection[str]], Iterator[Sequence[Segment]]]
    """The corpus without end, free of the banned questions; each document is by one author."""
    separator: str
    """Stands between the segments of a document."""
    pieces: str
    """Regular expression: how text is cut, before each piece is looked up."""
    extra: frozenset[str]
    """Pieces the vocabulary has besides those of the corpus."""
    rope_theta: float
    """Of the model's rotary positions; the smaller, the better it tells near from far."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a base model is pre-trained on."""

    world: World
    banned: Collection[str]
    """Questions that must not occur: those of every split."""

    def documents(self, rng: Random) -> Iterator[Sequence[Segment]]:
        return self.world.documents(rng, self.banned)
