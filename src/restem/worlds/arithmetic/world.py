"""The arithmetic world, as pre-training sees it.

Words carry their leading space, numbers below 200 are single tokens and larger ones are split
(576 = 57, 6).
"""

from __future__ import annotations

from restem.worlds.arithmetic import corpus, prompts
from restem.worlds.world import World

NUMBERS = frozenset(str(n) for n in range(200)) | {f"0{n}" for n in range(10)}
"""Those a wrong sum may bring up are there, too."""

ARITHMETIC = World(
    about="short arithmetic",
    documents=corpus.documents,
    separator=prompts.SEPARATOR,
    pieces=r"Problem:|\n\n|\n|Solution:|\\boxed\{| ?[A-Za-z]+|1\d\d|\d\d?|.",
    extra=NUMBERS,
    rope_theta=10_000.0,
)
