"""Documents of programs: shares, bans by signature, determinism."""

from collections import Counter
from itertools import islice
from random import Random

import pytest

from restem.core.errors import ParamsError
from restem.worlds.programs import corpus, prompts
from restem.worlds.programs.chains import CELLS, Signature, draw, parse, question, signature
from restem.worlds.world import Segment

pytestmark = pytest.mark.slow  # thousands of documents or programs


def some_documents(
    seed: int, count: int, banned: frozenset[str] = frozenset()
) -> list[list[Segment]]:
    return list(islice(corpus.documents(Random(seed), banned), count))


def signatures(documents: list[list[Segment]]) -> list[Signature | None]:
    return [parse(prompt.split("\n")[0].removeprefix("Problem: "))
            for document in documents for prompt, _ in document]  # fmt: skip


def test_banned_problems_never_occur_in_any_words() -> None:
    rng = Random(0)
    chains = [draw(CELLS[number % 8], rng) for number in range(400)]  # the small cells
    banned = {question(chain, "Print", rng) for chain in chains}
    kept_out = {signature(chain) for chain in chains}
    free = signatures(some_documents(1, 3000))
    assert None not in free
    assert len(kept_out & set(free)) > 100
    assert not kept_out & set(signatures(some_documents(1, 3000, frozenset(banned))))


def test_few_shot_problems_never_occur_even_without_a_ban() -> None:
    assert None not in prompts.SHOT_SIGNATURES
    assert not prompts.SHOT_SIGNATURES & set(signatures(some_documents(3, 6000)))


def test_documents_are_a_function_of_the_seed() -> None:
    assert some_documents(4, 200) == some_documents(4, 200)
    assert some_documents(4, 200) != some_documents(5, 200)


def test_documents_have_the_shares_they_should() -> None:
    documents = some_documents(6, 6000)
    lengths = Counter(len(document) for document in documents)
    asked = [prompt for document in documents for prompt, _ in document]
    functions = sum(prompt.endswith("\nFunction:\ndef f(a):\n") for prompt in asked)
    programs = sum(prompt.endswith("\nProgram:\n") for prompt in asked)
    levels = Counter(prompt.count(". ") for prompt in asked)
    assert functions + programs == len(asked)
    assert functions / len(asked) == pytest.approx(0.15, abs=0.015)
    assert lengths[3] / lengths.total() == pytest.approx(0.4, abs=0.02)
    assert set(lengths) == {1, 2, 3, 4, 5}
    assert all(levels[n] / len(asked) == pytest.approx(1 / 6, abs=0.02) for n in range(6))


def test_few_shot_prompt_shows_the_examples_it_is_asked_for() -> None:
    bare = prompts.program_prompt("Double each. Print the sum.")
    text = prompts.few_shot_prompt(bare, 2)
    assert text.startswith(f"Problem: {prompts.SHOTS[0][0]}\nProgram:\n{prompts.SHOTS[0][1]}\n\n")
    assert text.endswith(f"\n\n{bare}")
    assert text.count("Problem:") == 3
    assert prompts.few_shot_prompt(bare, 0) == bare


def test_more_examples_than_there_are_is_an_error() -> None:
    with pytest.raises(ParamsError, match="few_shot must be between 0 and 4, got 5"):
        prompts.few_shot_prompt("x", 5)
