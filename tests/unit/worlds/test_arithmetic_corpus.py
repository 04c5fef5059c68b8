"""Documents: shares, bans, styles, determinism."""

import re
from collections import Counter
from itertools import islice
from random import Random

import pytest

from restem.core.errors import ParamsError
from restem.worlds.arithmetic import corpus, prompts, solutions
from restem.worlds.arithmetic.authors import MISCONCEPTIONS, Author, some_author
from restem.worlds.world import Segment

QUESTION = re.compile(r"Problem: (.*)\nSolution:\n")


def some_documents(
    seed: int, count: int, banned: frozenset[str] = frozenset()
) -> list[list[Segment]]:
    return list(islice(corpus.documents(Random(seed), banned), count))


def questions(documents: list[list[Segment]]) -> list[str]:
    found = [QUESTION.fullmatch(prompt) for document in documents for prompt, _ in document]
    return [match[1] for match in found if match]


def test_banned_questions_never_occur() -> None:
    banned = frozenset(questions(some_documents(1, 2000)))
    assert len(banned) > 3000
    seen = questions(some_documents(1, 3000, banned)) + questions(some_documents(2, 3000, banned))
    assert len(seen) > 5000
    assert not banned & set(seen)


def test_few_shot_questions_never_occur_even_without_a_ban() -> None:
    assert not prompts.SHOT_QUESTIONS & set(questions(some_documents(3, 8000)))


def test_documents_are_a_function_of_the_seed() -> None:
    assert some_documents(4, 200) == some_documents(4, 200)
    assert some_documents(4, 200) != some_documents(5, 200)


def test_documents_have_the_shares_they_should() -> None:
    documents = some_documents(6, 8000)
    sheets = sum(document[0][0] == "" for document in documents) / len(documents)
    lengths = Counter(len(document) for document in documents if document[0][0])
    asked = questions(documents)
    stories = sum(re.match(r"[A-Z][a-z]{2} (has|buys|spends) \d", q) is not None for q in asked)
    assert sheets == pytest.approx(0.15, abs=0.015)
    assert lengths[1] / lengths.total() == pytest.approx(0.3, abs=0.02)
    assert set(lengths) == {1, 2, 3, 4, 5}
    assert stories / len(asked) == pytest.approx(0.2, abs=0.015)


def test_one_author_writes_a_whole_document() -> None:
    """Who boxes once boxes always, in documents of two and more problems."""
    for document in some_documents(7, 2000):
        boxes = {"\\boxed{" in text for prompt, text in document if prompt}
        assert len(boxes) <= 1


def test_a_fifth_of_the_authors_is_careful() -> None:
    rng = Random(8)
    authors = [some_author(rng) for _ in range(5000)]
    assert sum(not author.wrong for author in authors) / 5000 == pytest.approx(0.2, abs=0.02)
    assert sum(not author.boxes for author in authors) / 5000 == pytest.approx(0.15, abs=0.02)
    assert sum(author.terse for author in authors) / 5000 == pytest.approx(0.05, abs=0.01)
    for name, chance in MISCONCEPTIONS.items():
        held = sum(name in author.wrong for author in authors) / 5000
        assert held == pytest.approx(0.8 * chance, abs=0.025), name


def test_styles_of_a_solution() -> None:
    author = Author(Random(0), steps=["4*6=24", "8+24=32"])
    seen = Counter(solutions.write(author, 32, Random(seed)) for seed in range(400))
    assert set(seen) == {
        "4*6=24\n8+24=32\n\\boxed{32}",
        "First 4*6=24. Then 8+24=32. So the answer is \\boxed{32}.",
        "We get 4*6=24, so 8+24=32. Hence \\boxed{32}.",
    }
    assert seen["4*6=24\n8+24=32\n\\boxed{32}"] / 400 == pytest.approx(0.5, abs=0.08)


def test_an_author_who_does_not_box_never_boxes() -> None:
    author = Author(Random(0), boxes=False, steps=["8+24=32"])
    seen = {solutions.write(author, 32, Random(seed)) for seed in range(50)}
    assert seen == {"8+24=32\nAnswer: 32", "First 8+24=32. So it is 32.", "We get 8+24=32. Done."}


def test_terse_solutions_show_the_last_step_only() -> None:
    assert (
        solutions.terse(["4*6=24", "8+24=32"], 32) == "Clearly one finds 8+24=32; thus \\boxed{32}"
    )
    assert solutions.terse(["8+24=32"], 32) == "thus \\boxed{32}"


def test_few_shot_prompt_shows_the_examples_it_is_asked_for() -> None:
    text = prompts.few_shot_prompt("Compute 1+1.", 2)
    assert text.startswith(
        f"Problem: {prompts.SHOTS[0][0]}\nSolution:\n{prompts.SHOTS[0][1]}\n\nProblem: "
    )
    assert text.endswith("\n\nProblem: Compute 1+1.\nSolution:\n")
    assert text.count("Problem:") == 3
    assert prompts.few_shot_prompt("Compute 1+1.", 0) == "Problem: Compute 1+1.\nSolution:\n"


@pytest.mark.parametrize("shots", [-1, 5])
def test_more_examples_than_there_are_is_an_error(shots: int) -> None:
    with pytest.raises(ParamsError, match=f"few_shot must be between 0 and 4, got {shots}"):
        prompts.few_shot_prompt("Compute 1+1.", shots)
