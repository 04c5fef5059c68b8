"""Operations, chains, authors and their programs: text and function say the same."""

from random import Random
from typing import Any

import pytest

from restem.worlds.programs import prompts, writing
from restem.worlds.programs.authors import (
    HARD_OPERATIONS,
    OTHER_MISCONCEPTIONS,
    Author,
    some_author,
)
from restem.worlds.programs.chains import (
    CELLS,
    SUBJECTS,
    Chain,
    Step,
    draw,
    parse,
    question,
    signature,
)
from restem.worlds.programs.operations import (
    FILTER,
    FILTERS,
    FUNCTIONS,
    MAPS,
    OPERATIONS,
    REDUCE,
    REDUCERS,
)

CAREFUL = Author(Random(0))
ERRORS = (ArithmeticError, LookupError, TypeError, ValueError)
VALUES = (-12, -3, -2, -1, 0, 1, 2, 3, 4, 5, 9, 20, 2.5, "7")
LISTS = ([3, -1, 3, 8], [5], [], [2.5, -4], "12 5")


def outcome(function: Any, *values: Any) -> Any:
    """The result or the kind of error; sets as they print."""
    try:
        result = function(*values)
    except ERRORS as error:
        return type(error)
    return str(result) if isinstance(result, set) else result


@pytest.mark.parametrize("text", FUNCTIONS)
def test_an_expression_does_what_its_text_says(text: str) -> None:
    """Our own constants are evaluated here, never a model's output."""
    whole_list = any(text in (o.right, o.usual, o.rare) for o in REDUCERS)
    name = "a" if whole_list else "x"
    for k in (2, 3, 9):
        written = eval(f"lambda {name}: {text.format(k=k)}")
        for value in LISTS if whole_list else VALUES:
            assert outcome(FUNCTIONS[text], value, k) == outcome(written, value), (value, k)


def test_there_are_as_many_operations_as_the_world_says() -> None:
    assert (len(FILTERS), len(MAPS), len(REDUCERS)) == (11, 9, 11)
    assert len(OPERATIONS) == 31
    assert set(OPERATIONS) >= HARD_OPERATIONS
    assert sorted(name for names in SUBJECTS.values() for name in names) == sorted(
        o.name for o in REDUCERS
    )


@pytest.mark.parametrize("name", OPERATIONS)
def test_twins_are_other_functions_than_the_right_one(name: str) -> None:
    operation = OPERATIONS[name]
    assert len({operation.right, operation.usual, operation.rare}) == 3
    values: Any = LISTS if operation.kind == REDUCE else VALUES
    right, usual, rare = ([str(outcome(FUNCTIONS[e], value, 3)) for value in values]
                          for e in (operation.right, operation.usual, operation.rare))  # fmt: skip
    assert right != usual
    assert right != rare


def test_phrases_are_unique() -> None:
    phrases = [phrase for o in OPERATIONS.values() for phrase in o.phrases]
    assert len(set(phrases)) == len(phrases)
    for operation in OPERATIONS.values():
        assert len({"{k}" in phrase for phrase in operation.phrases}) == 1


def some_chains(count: int, seed: int = 0) -> list[Chain]:
    rng = Random(seed)
    return [draw(rng.choice(CELLS), rng) for _ in range(count)]


@pytest.mark.parametrize("cell", CELLS)
def test_a_level_is_the_number_of_filters_and_maps(cell: tuple[str, int]) -> None:
    for seed in range(40):
        chain = draw(cell, Random(seed))
        assert len(chain) == cell[1] + 1
        assert chain[-1].operation.name in SUBJECTS[cell[0]]
        kinds = "".join(step.operation.kind[0] for step in chain)
        assert "ff" not in kinds
        assert kinds.index("r") == len(kinds) - 1


@pytest.mark.parametrize("verb", ["Print", "Return"])
def test_every_question_is_read_back_as_its_signature(verb: str) -> None:
    for chain in some_chains(3000):
        assert parse(question(chain, verb, Random(1))) == signature(chain)


def test_paraphrases_share_their_signature() -> None:
    one = "Keep the even ones. Increase each by 4. Print the maximum."
    other = "Drop the odd ones. Add 4 to each. Return the largest."
    assert parse(one) == parse(other) == (("even", 0), ("add", 4), ("maximum", 0))
    assert parse(one.replace("4", "5")) != parse(one)


@pytest.mark.parametrize(
    "text", ["", "Compute 1+2.", "Double each", "Keep those above x. Print it."]
)
def test_a_question_of_another_world_has_no_signature(text: str) -> None:
    assert parse(text) is None


def run(program: str, numbers: list[int], header: str = "") -> Any:
    """What a program of this world (of a careful author, so harmless) prints or returns."""
    printed: list[str] = []
    names: dict[str, Any] = {
        "input": lambda: " ".join(map(str, numbers)),
        "print": lambda value: printed.append(str(value)),
    }
    exec(header + program, names)
    return names["f"](numbers) if header else printed[0]


@pytest.mark.parametrize("lambdas", [0.0, 1.0])
def test_careful_programs_do_what_the_chain_does(lambdas: float) -> None:
    author = Author(Random(0), lambdas=lambdas)
    for chain in some_chains(150, seed=4):
        numbers = [3, -7, 12, 0, 5, 3, -2, 19, 8]
        right: Any = numbers
        try:
            for step in chain:
                right = step.apply(right)
        except (LookupError, ValueError):
            continue
        assert run(writing.program(author, chain), numbers) == str(right)
        assert run(writing.one_liner(chain), numbers) == str(right)
        assert run(writing.function(author, chain), numbers, prompts.HEADER) == right
        assert run(writing.one_line_function(chain), numbers, prompts.HEADER) == right


def test_programs_have_no_blank_line_and_open_with_a_character() -> None:
    rng = Random(2)
    for chain in some_chains(500, seed=5):
        author = some_author(rng)
        for text in (writing.program(author, chain), writing.function(author, chain)):
            assert "\n\n" not in text
            assert text[0] != "\n"
            assert text == text.rstrip()


def test_styles_of_a_line() -> None:
    chain = draw(("totals", 1), Random(0))
    step = chain[0]
    expected = {
        FILTER: (f"a=[x for x in a if {step.code}]", f"a=list(filter(lambda x: {step.code}, a))"),
        "map": (f"a=[{step.code} for x in a]", f"a=list(map(lambda x: {step.code}, a))"),
    }[step.operation.kind]
    assert (writing.line(step, False), writing.line(step, True)) == expected


def wrong_share(name: str, wrong: frozenset[str]) -> float:
    """Share of the steps of an operation that an author gets wrong."""
    author = Author(Random(3), wrong)
    chains = [c for c in some_chains(4000, seed=6) if c[0].operation.name == name and len(c) > 2]
    solved = [author.solve(chain) for chain in chains]
    return sum(s != c for s, c in zip(solved, chains, strict=True)) / len(chains)


def test_misconceptions_show_most_of_the_time_and_only_where_they_can() -> None:
    assert wrong_share("square", frozenset({"square"})) == pytest.approx(0.9, abs=0.1)
    assert wrong_share("square", frozenset({"double"})) < 0.2
    assert wrong_share("square", frozenset({"order"})) == pytest.approx(0.4, abs=0.2)
    assert wrong_share("square", frozenset()) == 0


def test_the_usual_twin_is_usual() -> None:
    author = Author(Random(0), frozenset({"even"}))
    step = next(s for c in some_chains(500) for s in c if s.operation.name == "even")
    taken = [author.take(step).expression for _ in range(2000)]
    assert taken.count("x%2==1") / 2000 == pytest.approx(0.9 * 0.9, abs=0.03)
    assert taken.count("x/2==0") / 2000 == pytest.approx(0.9 * 0.1, abs=0.02)
    assert set(taken) == {"x%2==0", "x%2==1", "x/2==0"}


def test_authors_have_the_shares_they_should() -> None:
    rng = Random(8)
    authors = [some_author(rng) for _ in range(4000)]
    share = {name: sum(name in a.wrong for a in authors) / 4000
             for name in [*OPERATIONS, *OTHER_MISCONCEPTIONS]}  # fmt: skip
    careful = sum(not author.wrong for author in authors) / 4000
    assert careful == pytest.approx(0.25, abs=0.02)
    assert share["square"] > 0.5 > share["double"] > 0.2
    assert share["skip"] == pytest.approx((1 - careful) * 0.3, abs=0.03)
    assert sum(author.terse for author in authors) / 4000 == pytest.approx(0.05, abs=0.01)


def test_unparsed_input_is_never_parsed() -> None:
    author = Author(Random(0), frozenset({"unparsed"}))
    heads = {writing.program(author, chain).partition("\n")[0] for chain in some_chains(100)}
    assert heads == {writing.READ, writing.READ_UNPARSED}


@pytest.mark.parametrize("shot", prompts.SHOTS)
def test_few_shot_examples_are_what_a_careful_author_writes(shot: tuple[str, str]) -> None:
    asked, program = shot
    told = parse(asked)
    assert told is not None
    chain = tuple(Step(OPERATIONS[name], k, OPERATIONS[name].right) for name, k in told)
    assert signature(chain) == told
    assert writing.program(CAREFUL, chain) == program
