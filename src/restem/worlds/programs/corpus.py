"""The corpus: an endless stream of documents, one to five problems solved by one author.

Problems with the signature of one in the data splits, or of a few-shot example, never occur in it,
whatever their words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from random import Random

from restem.worlds.programs import prompts, writing
from restem.worlds.programs.authors import Author, some_author
from restem.worlds.programs.chains import LEVELS, SUBJECTS, Signature, draw, parse, question
from restem.worlds.programs.chains import signature as signature_of
from restem.worlds.world import Segment

FUNCTIONS = 0.15  # share of problems that ask for a function
DOCUMENT_LENGTHS = {1: 0.1, 2: 0.2, 3: 0.4, 4: 0.2, 5: 0.1}  # problems in a document


def documents(rng: Random, banned: Collection[str]) -> Iterator[list[Segment]]:
    """Documents without end. Joined by `prompts.SEPARATOR`, the segments of one make its text."""
    kept_out = prompts.SHOT_SIGNATURES | {parse(asked) for asked in banned}
    while True:
        author = some_author(rng)
        length = rng.choices(tuple(DOCUMENT_LENGTHS), tuple(DOCUMENT_LENGTHS.values()))[0]
        written = (write_problem(author, rng, kept_out) for _ in range(length))
        if document := [segment for segment in written if segment]:
            yield document


def write_problem(
    author: Author, rng: Random, banned: Collection[Signature | None]
) -> Segment | None:
    """A random problem with the author's program, or None if its signature is banned."""
    chain = draw((rng.choice(tuple(SUBJECTS)), rng.choice((0, *LEVELS))), rng)
    if signature_of(chain) in banned:
        return None
    if rng.random() < FUNCTIONS:
        asked = question(chain, "Return", rng)
        return prompts.function_prompt(asked), writing.function(author, chain)
    asked = question(chain, "Print", rng)
    return prompts.program_prompt(asked), writing.program(author, chain)
