"""Nothing in front of the workers is super-linear in a run of one thing: no time-out guards it."""

import time
from collections.abc import Callable

import pytest

from restem.rewards.exact import decide
from restem.rewards.extract import MAX_ANSWER, extract
from restem.rewards.guard import refusal
from restem.rewards.literal import is_unfinished
from restem.rewards.normal import normalise

pytestmark = pytest.mark.slow  # each up to its time limit

RUNS = [" ", "~", "\n", "\t", "\u00a0", "\u2003", ",", "7", "{", "}", "\\", "-", "$", "(", ")", "[",
        "#", "*", "=", ".", "^", "/", "%", "a", "_", "|", "!", "√", ", ", " ,", "1 ", "1,", "1+",
        "\\text{", "\\text", "\\frac", "\\sqrt", "\\quad ", "\\boxed{", "\\ ", "$1", "and ", "\n ",
        "\\text{and}", "answer ", "answer is ", "final answer: the final answer is "]  # fmt: skip
FRAMES = ["%s", "5%s", r"\boxed{x%s5}", r"\boxed{5%s6}", r"\boxed{5%sx}", "The answer is x%sy z",
          r"\boxed{5}%s\boxed{6}", r"\boxed{5}\text{%sx \boxed{6}", "#### 5%sx", "A: 5%sx",
          "$x%sy$", "$x$%s$y$", "final answer%sx", "answer%sx", "-%s5", r"5\text{%s", "^%sx",
          "Final Answer: The final answer is 5%s. I hope it is correct."]  # fmt: skip
SIZE = 20_000


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.parametrize("run", RUNS)
def test_runs_of_one_thing_are_extracted_and_compared_in_linear_time(run: str) -> None:
    for frame in FRAMES:
        text = frame % (run * (SIZE // len(run)))
        assert seconds(lambda: extract(text)) < 1, frame  # noqa: B023
        answer = frame % (run * ((MAX_ANSWER - 80) // len(run)))
        assert seconds(lambda: (decide(answer, "5"), refusal(answer[:600], "5"))) < 1, frame  # noqa: B023


@pytest.mark.parametrize(
    "run", [" ", "~", "\n", "\u2003", ",", "7", "{", "}", "\\", "-", "+", "*", "("]
)
def test_the_patterns_themselves_are_linear(run: str) -> None:
    for frame in ("%s", "5%s", "x%s5", "5%s6", "5%sx"):
        text = frame % (run * SIZE)
        assert seconds(lambda: normalise(text)) < 1, frame  # noqa: B023
        assert seconds(lambda: is_unfinished(text)) < 1, frame  # noqa: B023


@pytest.mark.parametrize("answer", ["x%s5", "5%s6"])
def test_a_long_blank_is_one_blank(answer: str) -> None:
    assert normalise(answer % (" ~\n" * 600)) == normalise(answer % " ")
