"""The math reward as stages see it: verdicts, memory, voting classes, and no worker without
need."""

import json
import re
import sys
from collections.abc import Iterator

import pytest
from settings import machine, score

from restem.core.errors import DataError
from restem.core.protocols import Reward
from restem.core.records import Problem, Verdict
from restem.rewards import math
from restem.rewards.math import MathReward, open_reward

SCORE = score(timeout_s=20.0)


def problem(gold: str, problem_id: str = "p") -> Problem:
    return Problem(problem_id, "t", "train", "", 0, "?", "?", (), gold, None)


def gold(answer: str, problem_id: str = "p") -> Problem:
    return problem(json.dumps({"answer": answer}), problem_id)


@pytest.fixture(scope="module")
def reward() -> Iterator[Reward]:
    with open_reward(SCORE, machine(workers=1)) as opened:
        yield opened


# text, gold, verdict
VERDICTS = [
    (r"\boxed{10/12}", "5/6", Verdict(1.0, "correct", "10/12", "boxed")),
    (r"\boxed{3}", "4", Verdict(0.0, "wrong", "3", "boxed")),
    ("no idea", "4", Verdict(0.0, "no_answer", None, "nothing found")),
    (r"The answer is 4, \boxed{", "4", Verdict(0.0, "wrong", None, "boxed; empty or unclosed")),
    ("A: 26", "26", Verdict(1.0, "correct", "26", "A:")),
    (
        r"\boxed{9^{9^{9}}}",
        "4",
        Verdict(0.0, "wrong", "9^{9^{9}}", "boxed; guard: tower"),
    ),
    (
        r"\boxed{\frac{2}{\sqrt2}}",
        r"$\sqrt{2}$.",
        Verdict(1.0, "correct", r"\frac{2}{\sqrt2}", "boxed; algebra"),
    ),
    (r"\boxed{12+7*4}", "40", Verdict(0.0, "wrong", "12+7*4", "boxed")),
    (r"\boxed{٥}", "5", Verdict(0.0, "wrong", "٥", "boxed")),
    (r"\boxed{5 doubled}", "5", Verdict(0.0, "wrong", "5 doubled", "boxed")),
    (r"\boxed{5 xyz}", "5", Verdict(0.0, "wrong", "5 xyz", "boxed")),
    (r"\boxed{2^{10}}", "1024", Verdict(1.0, "correct", "2^{10}", "boxed; algebra")),
    (r"\boxed{\sqrt{3}}", r"\sqrt{2}", Verdict(0.0, "wrong", r"\sqrt{3}", "boxed; algebra")),
    (
        r"\boxed{\sqrt\frac}",
        r"\sqrt{2}",
        Verdict(0.0, "wrong", r"\sqrt\frac", "boxed; unparsable"),
    ),
]


# text, outcome, answer
REPLIES = [
    (r"<think>So \boxed{7}? No.</think> The answer is 4.", "correct", "4"),
    (r"Hm, \boxed{7}. No.</think>\n#### 4", "correct", "4"),
    ("<think>The answer is 4.</think>", "no_answer", None),
    (r"<think>It is \boxed{4}", "truncated", None),
    ("<think>7?</think><answer>4</answer>", "correct", "4"),
    ("<think>say <answer>7</answer></think><answer>4</answer>", "correct", "4"),
    ("The answer is 4<|im_end|>\nThe answer is 7", "correct", "4"),
    ("#### 4</s>", "correct", "4"),
]


@pytest.mark.parametrize(("text", "outcome", "answer"), REPLIES)
def test_reasoning_earns_nothing(
    reward: Reward, text: str, outcome: str, answer: str | None
) -> None:
    [verdict] = reward.score([gold("4")], [text])
    assert (verdict.outcome, verdict.answer) == (outcome, answer)


@pytest.mark.parametrize(
    "solution",
    [
        r"Thus $2\cdot2=\boxed{4}$.",
        "2*2 = 4\n#### 4",
        "<answer>4</answer>",
        "<think>5?</think> So \\boxed{4}",
        r"$\boxed{4}$ $\boxed{4.0}$",
    ],
)
def test_a_gold_may_be_a_whole_solution(reward: Reward, solution: str) -> None:
    right, wrong = reward.score([gold(solution)] * 2, ["The answer is 4.", "The answer is 2."])
    assert (right.reward, wrong.reward) == (1, 0)


UNREADABLE = (RecursionError, ValueError, OverflowError, MemoryError, IndexError, re.error)


@pytest.mark.parametrize("fault", UNREADABLE)
@pytest.mark.parametrize("place", ["extract", "decide"])
def test_a_row_that_nobody_can_read_leaves_the_others_alone(
    reward: Reward, monkeypatch: pytest.MonkeyPatch, fault: type[Exception], place: str
) -> None:
    real = getattr(math, place)

    def failing(text: str, *others: str) -> object:
        if "bad" in text:
            raise fault("bad")
        return real(text, *others)

    monkeypatch.setattr(math, place, failing)
    texts = ["The answer is 1.", rf"\boxed{{bad {fault.__name__}}}", "The answer is 3."]
    verdicts = reward.score([gold("1"), gold("2"), gold("3")], texts)
    assert [verdict.reward for verdict in verdicts] == [1, 0, 1]
    assert verdicts[1].outcome == {"extract": "no_answer", "decide": "wrong"}[place]
    assert verdicts[1].detail.endswith(f"unreadable: {fault.__name__}")
    assert reward.group(["1", f"bad {fault.__name__}", "1.0"]) == [0, 1, 0]


STRANGE = [
    "9" * 5000, "9" * 5000 + "/7", "1e" + "9" * 5000, "(" * 3000, "\\pm" * 300, "\\pmod{9}",
    "\\sqrt{" * 3000,
    "5\ud800", "\x00", "{" * 5000, "1," * 5000, "|x|" * 500, "=" * 5000, "٣" * 5000,
]  # fmt: skip


def test_strange_answers_and_golds_have_an_outcome_each(reward: Reward) -> None:
    frames = ("\\boxed{%s}", "The answer is %s.", "%s", "#### %s", "<answer>%s</answer>", "{%s")
    texts = [frame % strange for strange in STRANGE for frame in frames]
    for answer in ("5", *STRANGE[:5]):
        verdicts = reward.score([gold(answer)] * len(texts), texts)
        assert {verdict.outcome for verdict in verdicts} <= {"correct", "wrong", "no_answer"}
    assert len(reward.group(STRANGE)) == len(STRANGE)


def test_a_gold_that_nests_too_deeply_names_its_problem(reward: Reward) -> None:
    with pytest.raises(DataError, match="p-7: gold must be JSON"):
        reward.score([problem("[" * 100_000, "p-7")], ["5"])


def test_the_detail_of_a_verdict_is_printable(
    reward: Reward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(math.guard, "refusal", lambda answer, gold: "\x1b[0m\u202ea\nb")
    [verdict] = reward.score([gold("x+y+3")], [r"\boxed{y+x+33z}"])
    assert verdict.detail == "boxed; guard: ?[0m?a?b"


@pytest.mark.parametrize(("text", "answer", "verdict"), VERDICTS)
def test_verdict(reward: Reward, text: str, answer: str, verdict: Verdict) -> None:
    assert reward.score([gold(answer)], [text]) == [verdict]


def test_a_batch_gives_what_single_calls_give(reward: Reward) -> None:
    problems = [gold(answer, str(number)) for number, (_, answer, _) in enumerate(VERDICTS)]
    texts = [text for text, _, _ in VERDICTS]
    assert reward.score(problems, texts) == [verdict for _, _, verdict in VERDICTS]


@pytest.mark.parametrize(
    "bad", ["", "5", '"5"', "[]", "{}", '{"answer": 5}', '{"answer": ""}', '{"answer": "."}', "{"]
)
def test_a_malformed_gold_names_its_problem(reward: Reward, bad: str) -> None:
    with pytest.raises(DataError, match="gsm8k-train-00007: gold must be JSON"):
        reward.score([problem(bad, "gsm8k-train-00007")], ["5"])


def test_classes_are_numbered_in_order_of_appearance(reward: Reward) -> None:
    answers = ["1/2", "3", None, "0.5", r"\frac{\sqrt2}{2}", "3.0", r"\frac{1}{\sqrt2}", None]
    assert reward.group(answers) == [0, 1, None, 0, 2, 1, 2, None]
    assert reward.group([]) == []


def test_classes_number_without_gaps_after_a_merge(reward: Reward) -> None:
    assert reward.group([r"\sqrt8", r"2\sqrt2", "x", "7"]) == [0, 0, 1, 2]


def test_many_classes_are_told_apart_without_algebra() -> None:
    with open_reward(SCORE, machine(workers=1)) as reward:
        assert isinstance(reward, MathReward)
        answers = [rf"\sqrt{{{number}}}+x" for number in range(2, 12)]
        assert reward.group(answers) == list(range(10))
        assert reward._pool._workers == []


def test_plain_answers_need_no_worker_and_no_sympy() -> None:
    """What the embedded world and GSM8K ask for, with what a small model writes instead."""
    boxes = ("5/6", "5/", "", "3+4", "-3", "x", "5 6", "3=3", "+", "(", "1/0", "3=", "=3", "5//6")
    texts = [rf"\boxed{{{box}}}" for box in boxes]
    texts += ["", "x", "A: 1,234", r"\boxed{12", "4*5=20"]
    before = "sympy" in sys.modules
    with open_reward(SCORE, machine(workers=0)) as reward:
        assert isinstance(reward, MathReward)
        for answer in ("5/6", "7", "-3", "1234"):
            reward.score([gold(answer)] * len(texts), texts)
        reward.group(["5/6", "10/12", "7", "x", "7/", None])
        assert reward._pool._workers == []
    assert ("sympy" in sys.modules) == before


def test_a_pair_is_decided_once(reward: Reward) -> None:
    assert isinstance(reward, MathReward)
    texts = [r"\boxed{(x+1)^2}"] * 50
    first = reward.score([gold("x^2+2x+1")] * 50, texts)
    known = len(reward._rulings)
    assert reward.score([gold("x^2+2x+1")] * 50, texts) == first
    assert len(reward._rulings) == known


def test_arithmetic_left_undone_speaks_for_no_class(reward: Reward) -> None:
    assert reward.group(["12+28", "40", "12 + 28", "40.0"]) == [0, 1, 0, 1]
