"""The corpus: an endless stream of documents, each by one author.

A document is a sheet of elementary equations, or one to five problems with the author's solutions.
Questions of the data splits and of the few-shot examples never occur in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from random import Random

from restem.core.records import Problem
from restem.worlds.arithmetic import problems, prompts, solutions
from restem.worlds.arithmetic.authors import Author, some_author
from restem.worlds.arithmetic.exercises import factors
from restem.worlds.world import Segment

FACTS = 0.15  # share of documents that are sheets of equations
STORIES = 0.2  # share of problems that are stories
DOCUMENT_LENGTHS = {1: 0.3, 2: 0.2, 3: 0.2, 4: 0.15, 5: 0.15}  # problems in a document


def banned_questions(splits: Iterable[Problem]) -> frozenset[str]:
    """Questions that must not occur in the corpus: of every split and the few-shot examples."""
    return frozenset(problem.question for problem in splits) | prompts.SHOT_QUESTIONS


def documents(rng: Random, banned: Collection[str]) -> Iterator[list[Segment]]:
    """Documents without end. Joined by `prompts.SEPARATOR`, the segments of one make its text."""
    kept_out = frozenset(banned) | prompts.SHOT_QUESTIONS
    while True:
        author = some_author(rng)
        if rng.random() < FACTS:
            yield [("", facts(author, rng))]
            continue
        length = rng.choices(tuple(DOCUMENT_LENGTHS), tuple(DOCUMENT_LENGTHS.values()))[0]
        written = (write_problem(author, rng, kept_out) for _ in range(length))
        if document := [segment for segment in written if segment]:
            yield document


def write_problem(author: Author, rng: Random, banned: frozenset[str]) -> Segment | None:
    """A random problem with the author's solution, or None if its question is banned."""
    level = rng.choice(problems.LEVELS)
    subject = problems.STORY if rng.random() < STORIES else rng.choice(problems.SUBJECTS)
    exercise = problems.draw((subject, level), rng)
    if exercise.question in banned:
        return None
    author.steps.clear()
    answer = exercise.solve(author)
    return prompts.prompt(exercise.question), solutions.write(author, answer, rng)


def facts(author: Author, rng: Random) -> str:
    """A sheet of 8 to 14 equations: 40 % sums, 40 % differences, the rest from the times tables."""
    author.steps.clear()
    for _ in range(rng.randint(8, 14)):
        kind = rng.random()
        if kind < 0.4:
            author.add(rng.randint(2, 60), rng.randint(2, 40))
        elif kind < 0.8:
            a, b = rng.randint(2, 80), rng.randint(2, 50)
            author.sub(max(a, b), min(a, b))
        else:
            a, b = factors(rng, 90)
            if kind < 0.9:
                author.mul(a, b)
            else:
                author.div(a * b, b)
    return "Facts: " + ", ".join(author.steps)
