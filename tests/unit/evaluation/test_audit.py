"""Comparison, probes, steps and luck, each on rows of which the answer is known."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from restem.core.records import CORRECT, ERROR, NO_ANSWER, WRONG, Problem, Verdict
from restem.core.storage import Row
from restem.evaluation.audit import Given, check_steps, compare, luck
from restem.evaluation.probes import Trial, differs, perturbed, tally, trials, upper_bound


def problem(
    number: int, answer: str | None = None, tests: object = None, solution: str | None = None
) -> Problem:
    gold = {"answer": answer} if tests is None else {"tests": tests}
    name = f"p{number:03d}"
    return Problem(name, "t", "train", "sums", 1, "?", "?", (), json.dumps(gold), solution)


def scored(number: int, outcome: str, answer: str | None, index: int = 0) -> Row:
    return {"problem_id": f"p{number:03d}", "sample_index": index, "text": f"text {answer}",
            "answer": answer, "reward": float(outcome == CORRECT), "outcome": outcome,
            "detail": "boxed", "finish_reason": "stop"}  # fmt: skip


def verdict(outcome: str) -> Verdict:
    return Verdict(float(outcome == CORRECT), outcome, "a", "d")


# ---- comparison


def test_every_pair_of_verdicts_is_counted() -> None:
    problems = {p.problem_id: p for p in map(problem, range(3), "123")}
    rows = [scored(0, CORRECT, "1"), scored(1, CORRECT, "2"), scored(2, WRONG, "9"),
            scored(2, WRONG, "3", 1)]  # fmt: skip
    second = [verdict(one) for one in (CORRECT, NO_ANSWER, WRONG, CORRECT)]
    found = compare(rows, second, problems, 0)
    assert found["table"] == {
        CORRECT: {CORRECT: 1, NO_ANSWER: 1}, WRONG: {CORRECT: 1, WRONG: 1}
    }  # fmt: skip
    assert (found["only_main"], found["only_strict"]) == (1, 1)
    assert [(one["problem_id"], one["sample_index"], one["gold"]) for one in found["examples"]] == [
        ("p002", 1, "3"), ("p001", 0, "2"),
    ]  # fmt: skip


def test_disagreements_of_both_kinds_are_shown_and_at_most_ten() -> None:
    problems = {p.problem_id: p for p in map(problem, range(60), map(str, range(60)))}
    rows = [scored(i, CORRECT if i % 2 else WRONG, str(i)) for i in range(60)]
    second = [verdict(WRONG if i % 2 else CORRECT) for i in range(60)]
    found = compare(rows, second, problems, 0)
    assert [one["main"] for one in found["examples"]] == [WRONG] * 5 + [CORRECT] * 5
    assert found == compare(rows, second, problems, 0)
    assert found["examples"] != compare(rows, second, problems, 1)["examples"]


def test_the_same_answer_to_the_same_problem_is_shown_once() -> None:
    problems = {"p000": problem(0, "1")}
    rows = [scored(0, CORRECT, "1", index) for index in range(8)]
    found = compare(rows, [verdict(WRONG)] * 8, problems, 0)
    assert (found["only_main"], len(found["examples"])) == (8, 1)


# ---- probes


@pytest.mark.parametrize(
    ("gold", "kinds"),
    [
        ("12", {"sign": "-12", "plus one": "13", "minus one": "11", "other base": "12_{3}"}),
        ("-3", {"sign": "3", "plus one": "-2", "minus one": "-4"}),
        ("0", {"plus one": "1", "minus one": "-1"}),
        ("3/4", {"sign": "-3/4", "plus one": r"\frac{7}{4}", "inverted": r"\frac{4}{3}",
                 "minus one": r"-\frac{1}{4}"}),
        ("(1,2)", {"swapped": "(2,1)"}),
        (r"(1,\pi,3]", {"swapped": r"(\pi,1,3]"}),
        ("(2,2)", {}),
        ("506_7", {"sign": "-506_7", "other base": "506_{8}"}),
        (r"2\sqrt{3}", {"sign": r"-2\sqrt{3}"}),
        ("Evelyn", {}),
        ("1/1", {"sign": "-1/1", "plus one": "2", "minus one": "0"}),
    ],
)  # fmt: skip
def test_one_thing_of_a_gold_is_changed(gold: str, kinds: dict[str, str]) -> None:
    found = dict(perturbed(gold, random.Random(0)))
    digit = found.pop("one digit", None)
    assert found == kinds
    assert digit is None or (differs(digit, gold) and len(digit) == len(gold))


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [("1/2", "0.5", False), (r"\frac{2}{4}", "1/2", False), ("2", "3", True), ("x", " x", False),
     ("10%", "10", False), (r"\sqrt{8}", r"2\sqrt{2}", True)],
)  # fmt: skip
def test_equal_values_do_not_differ(answer: str, gold: str, expected: bool) -> None:
    assert differs(answer, gold) is expected


def test_no_trial_is_right_and_the_seed_decides_which_there_are() -> None:
    problems = [problem(i, str(i % 90)) for i in range(200)]
    found = trials(problems, 0)
    golds = {p.problem_id: str(json.loads(p.gold)["answer"]) for p in problems}
    assert len(found) > 90 * 20
    assert all(differs(one.shown, golds[one.problem.problem_id]) for one in found)
    assert found == trials(problems, 0) != trials(problems, 1)


STDIN = {"inputs": ["1\n"], "outputs": ["5\n6\n"]}
CALL = {"inputs": [[1]], "outputs": [[7]], "fn_name": "f"}
PROMPT = {"prompt": "def g(x):\n", "entry_point": "g", "test": "def check(g): pass"}
ASSERTS = {"setup": "", "asserts": ["assert h(1, 2) == [3, 'a']", "assert h(0, 0) == []"]}


@pytest.mark.parametrize(
    ("tests", "does_nothing", "constant"),
    [
        (STDIN, "pass\n", "print('5\\n6\\n')\n"),
        ({"inputs": [["1"]], "outputs": [["5", "6"]]}, "pass\n", "print('5\\n6')\n"),
        (CALL, "pass\n", "def f(*args):\n    return [7]\n"),
        (PROMPT, "    return None\n", None),
        (ASSERTS, "pass\n", "def h(*args, **named):\n    return [3, 'a']\n"),
        ({"setup": "", "asserts": ["assert ("]}, "pass\n", None),
        ({}, "pass\n", None),
    ],
)
def test_programs_that_should_fail(tests: object, does_nothing: str, constant: str | None) -> None:
    found = {one.kind: one.text for one in trials([problem(0, tests=tests)], 0)}
    assert found.pop("does nothing") == does_nothing
    assert found.pop("always the first output", None) == constant
    assert found == {}


def test_a_solution_of_another_problem_gets_the_name_that_is_called() -> None:
    asked = [problem(0, tests=CALL, solution="def f(x): return [x]"),
             problem(1, tests=ASSERTS, solution="def h(a, b): return []")]  # fmt: skip
    found = [one for one in trials(asked, 0) if one.kind == "solves another problem"]
    assert {one.problem.problem_id: one.text for one in found} == {
        "p000": "def h(a, b): return []\nf = h\n", "p001": "def f(x): return [x]\nh = f\n",
    }  # fmt: skip


def test_the_same_function_of_another_problem_may_well_be_right() -> None:
    asked = [problem(i, tests=CALL, solution=f"def f(x): return [x + {i}]") for i in range(2)]
    assert {one.kind for one in trials(asked, 0)} == {"does nothing", "always the first output"}


def test_what_is_accepted_is_counted_by_kind_and_shown() -> None:
    tried = [Trial(kind, problem(0, "1"), "", f"{kind}{i}") for kind in "abc" for i in range(20)]
    outcomes = [CORRECT] * 20 + [WRONG] * 18 + [CORRECT, ERROR] + [WRONG] * 20
    found = tally(tried, [verdict(one) for one in outcomes])
    assert found["all"]["accepted"] == 21
    assert found["kinds"]["a"] == {"tried": 20, "accepted": 20, "rate": 1.0, "at_most": 1.0}
    assert found["kinds"]["b"]["rate"] == 0.05
    assert found["kinds"]["c"]["accepted"] == 0
    assert found["faults"] == 1
    assert [one["accepted"] for one in found["examples"]][:3] == ["a0", "b18", "a1"]
    assert len(found["examples"]) == 10


@pytest.mark.parametrize(
    ("hits", "tried", "bound"),
    [(0, 100, 0.029513), (0, 3000, 0.000998), (1, 10, 0.394163), (5, 20, 0.455582),
     (5, 5, 1.0), (0, 0, 1.0)],
)  # fmt: skip
def test_the_bound_is_that_of_clopper_and_pearson(hits: int, tried: int, bound: float) -> None:
    """Reference: scipy.stats.beta.ppf(0.95, hits + 1, tried - hits)."""
    assert upper_bound(hits, tried) == pytest.approx(bound, abs=1e-5)


# ---- steps


def test_kept_solutions_with_a_wrong_step_are_counted() -> None:
    texts = ["3+4=7\nso 7", "3+4=8\n8-1=6", "no step", "3+4=8"]
    kept: list[Row] = [{"problem_id": f"p{i}", "completion": text} for i, text in enumerate(texts)]
    found = check_steps(kept, 0)
    assert (found["kept"], found["with_equations"], found["with_wrong"]) == (4, 3, 2)
    assert (found["equations"], found["wrong"]) == (4, 3)
    assert [(one["problem_id"], one["equation"]) for one in found["examples"]] == [
        ("p1", "3+4=8"), ("p1", "8-1=6"),
    ]  # fmt: skip


# ---- luck


def sample(guess: Callable[[random.Random, str], str]) -> tuple[list[Given], dict[str, str]]:
    """600 problems with golds 0..9, 8 answers each."""
    rng = random.Random(0)
    golds = {f"p{i:03d}": str(rng.randint(0, 9)) for i in range(600)}
    given = [
        Given(name, answer, answer == gold)
        for name, gold in golds.items()
        for answer in (guess(rng, gold) for _ in range(8))
    ]
    return given, golds


PROBLEMS = {f"p{i:03d}": problem(i, "0") for i in range(600)}


def test_a_policy_that_only_guesses_is_only_lucky() -> None:
    given, golds = sample(lambda rng, gold: str(rng.randint(0, 9)))
    found = luck(given, golds, PROBLEMS)
    assert found is not None
    assert found["rate"] == pytest.approx(0.1, abs=0.01)
    assert found["share_of_correct"] == pytest.approx(1.0, abs=0.05)


def test_a_policy_that_knows_half_is_lucky_in_a_tenth_of_the_rest() -> None:
    given, golds = sample(lambda rng, gold: gold if rng.random() < 0.5 else str(rng.randint(0, 9)))
    found = luck(given, golds, PROBLEMS)
    assert found is not None
    assert found["share_of_correct"] == pytest.approx(0.05 / 0.55, abs=0.02)


def test_equal_numbers_are_one_answer_and_own_answers_do_not_count() -> None:
    given = [Given("p000", "9", False), Given("p000", "9", False), Given("p001", "2/4", False)]
    found = luck(given, {"p000": "0.5", "p001": "9"}, PROBLEMS)
    assert found is not None
    assert (found["problems"], found["rate"]) == (2, 1.0)


def test_cells_of_subject_and_level_are_apart() -> None:
    other = Problem("q", "t", "train", "sums", 2, "?", "?", (), "{}", None)
    given = [Given("p000", "1", True), Given("p001", "1", True), Given("q", "1", True)]
    golds = {"p000": "1", "p001": "1", "q": "1"}
    found = luck(given, golds, {**PROBLEMS, "q": other})
    assert found is not None
    assert found["cells"] == [{"subject": "sums", "level": 1, "problems": 2, "rate": 1.0}]


def test_without_answers_there_is_no_luck() -> None:
    assert luck([], {}, PROBLEMS) is None
    assert luck([Given("p000", "1", True)], {"p000": "1"}, PROBLEMS) is None
