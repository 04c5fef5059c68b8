"""The programs world, as pre-training sees it.

Phrases and idioms are single tokens, since time is linear in tokens and a tiny model should fail by
misconception, not by reading; digits are single, too.
"""

from __future__ import annotations

import re

from restem.worlds.programs import corpus, prompts
from restem.worlds.programs.operations import OPERATIONS
from restem.worlds.world import World

PHRASES = {
    part for o in OPERATIONS.values() for phrase in o.phrases for part in phrase.split("{k}")
} - {""}
"""What stands before and after the constant."""
IDIOMS = (
    r"Problem: |Program:|Function:|def f\(a\):|Print |Return |\. "
    r"|a=list\(map\(int,input\(\)\.split\(\)\)\)|a=input\(\)"
    r"|a=\[int\(t\) for t in input\(\)\.split\(\)\]; "
    r"|a=\[x for x in a if |a=list\(filter\(lambda x: |a=list\(map\(lambda x: |, a\)\)"
    r"|a=\[| for x in a\]|\[x for x in | for x in | if |\(lambda a: |print\(|    return |    "
    r"|x(?:%|//?|\*\*?|[-+]|[<>=!]=|[<>])|-x|1/x|abs\(x\)|[=!]=[01]"
    r"|(?:sum|max|min|len|set|sorted)\(a\)|len\(set\(a\)\)|a\[(?:-?\d|::-1)\]|\[::-1\]"
)
LONGEST_FIRST = sorted(PHRASES, key=lambda phrase: (-len(phrase), phrase))

PROGRAMS = World(
    about="short programs",
    documents=corpus.documents,
    separator=prompts.SEPARATOR,
    pieces="|".join([*map(re.escape, LONGEST_FIRST), IDIOMS]) + r"|\n\n|\n| ?[A-Za-z]+|\d|.",
    extra=frozenset("0123456789"),
    rope_theta=500.0,  # with 10,000 a line was sometimes taken from the question before
)
