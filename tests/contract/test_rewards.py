"""What every reward promises: gold scores 1, garbage scores 0 and raises nothing, nothing hangs or
runs.

A new reward adds its golds here.
"""

import json
import string
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import settings

from restem.core import plugins
from restem.core.protocols import Reward
from restem.core.records import CORRECT, FAULTS, OUTCOMES, Problem

STDIN = {"inputs": ["3 4\n", "10 20\n"], "outputs": ["7\n", "30\n"]}
CALL = {"inputs": [[3, 4], [10, 20]], "outputs": [7, 30], "fn_name": "add"}
COMPLETION = {
    "prompt": "def add(a, b):\n",
    "entry_point": "add",
    "test": "def check(candidate):\n    assert candidate(3, 4) == 7\n",
}
ASSERTS = {"setup": "", "asserts": ["assert add(3, 4) == 7", "assert add(1, 1) == 2"]}
ADD = "def add(a, b):\n    return a + b\n"
# reward: (gold, a text that solves it)
GOLDS = {
    "math": [
        (json.dumps({"answer": answer}), rf"so \boxed{{{answer}}}.")
        for answer in ("5", "5/6", r"\frac{3\sqrt5}{7}", "(1,2]", "x^2+2x+1", "2, 3", "506_7",
                       "y=2x", r"\text{Evelyn}", r"\begin{pmatrix}1\\2\end{pmatrix}", r"10\%",
                       r"\{1,2\}")
    ],
    "code": [
        (json.dumps({"tests": STDIN}), "a, b = map(int, input().split())\nprint(a + b)"),
        (json.dumps({"tests": CALL}), ADD),
        (json.dumps({"tests": COMPLETION}), "    return a + b\n"),
        (json.dumps({"tests": ASSERTS}), f"```python\n{ADD}```"),
    ],
    "strict": [(json.dumps({"answer": "5"}), r"so \boxed{5}.")],
}  # fmt: skip
NAMES = plugins.names("reward")


def problem(gold: str) -> Problem:
    return Problem("p", "t", "train", "", 0, "?", "?", (), gold, None)


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    assert request.param in GOLDS, f"rewards/{request.param}.py has no gold in GOLDS"
    return str(request.param)


@pytest.fixture(scope="module")
def reward(name: str) -> Iterator[Reward]:
    with plugins.load("reward", name).open_reward(
        settings.score(timeout_s=20.0), settings.machine()
    ) as opened:
        yield opened


def test_a_reward_names_its_version(name: str) -> None:
    assert isinstance(plugins.load("reward", name).VERSION, str)


def test_gold_scores_one(reward: Reward, name: str) -> None:
    golds, texts = zip(*GOLDS[name], strict=True)
    verdicts = reward.score([problem(gold) for gold in golds], texts)
    assert [(v.reward, v.outcome) for v in verdicts] == [(1.0, CORRECT)] * len(golds)


def test_gold_made_into_a_text_scores_one(reward: Reward, name: str) -> None:
    module = plugins.load("reward", name)
    for gold, _ in GOLDS[name]:
        text = module.gold_text(problem(gold))
        assert (text is None) == ("tests" in json.loads(gold))
        assert text is None or reward.score([problem(gold)], [text])[0].outcome == CORRECT


def garbage() -> list[str]:
    rng = Random(0)
    pieces = [*"}${9x^_=,()/&\n", "\\boxed{", "\\frac", "\\sqrt", "\\text{", "\\begin{pmatrix}"]
    pieces += ["\\\\", "The answer is ", "#### ", "A: "]
    letters = ["".join(rng.choices(string.printable, k=rng.randint(0, 80))) for _ in range(150)]
    formulas = ["".join(rng.choices(pieces, k=rng.randint(1, 25))) for _ in range(150)]
    odd = [
        "",
        "\0",
        "\\boxed{\0}",
        "\ud800",
        "é" * 5000,
        "\\boxed{" * 3000,
        "NaN",
        "inf",
        "\\boxed{None}",
    ]
    return [*odd, *letters, *formulas]


def test_garbage_scores_zero_and_raises_nothing(reward: Reward, name: str) -> None:
    texts = garbage()
    gold, _ = GOLDS[name][0]
    verdicts = reward.score([problem(gold)] * len(texts), texts)
    assert len(verdicts) == len(texts)
    for verdict in verdicts:
        assert verdict.outcome in OUTCOMES
        assert (verdict.reward == 1.0) == (verdict.outcome == CORRECT)
        assert verdict.outcome not in (CORRECT, *FAULTS) or verdict.answer in ("5", "5.0")


def test_verdicts_keep_their_order(reward: Reward, name: str) -> None:
    gold, right = GOLDS[name][0]
    texts = [right if number % 3 else "none" for number in range(100)]
    rewards = [v.reward for v in reward.score([problem(gold)] * 100, texts)]
    assert rewards == [float(number % 3 > 0) for number in range(100)]


def test_groups_hold_none_and_equal_answers(reward: Reward, name: str) -> None:
    gold, right = GOLDS[name][0]
    answer = reward.score([problem(gold)], [right])[0].answer
    assert reward.group([answer, None, answer]) == [0, None, 0]


# ---- math only: input that hangs its algebra, or is code

HANGS = [  # answer, gold
    (r"\int_0^1 \frac{\ln(1+x)}{1+x^2} \sqrt{1+x^7} dx", r"\int_0^1 \frac{\pi}{9} dx"),
    (r"\int_0^1 \frac{\ln(1+x^7)}{1+x^{11}} dx", r"\int_0^1 \frac{\pi}{7} dx"),
    (r"\int_0^1 \frac{\ln(1+x)}{1+x^2} \sqrt{1+x^9} dx", r"\int_0^1 \frac{\pi}{11} dx"),
]
CODE = [
    "__import__('os').system('touch {}')",
    "eval(\"open('{}','w')\")",
    'exec(\'open("{}","w")\')',
    "open('{}','w')",
    r"\text{{__import__('pathlib').Path('{}').touch()}}",
    "[].__class__.__base__.__subclasses__() or open('{}', 'w')",
    "(lambda: open('{}','w'))()",
    "5 or open('{}','w') or 5",
]


@pytest.mark.slow
@pytest.mark.alone  # needs 0.6 s of CPU within 1.5 s
def test_hanging_algebra_is_cut_off_and_spares_the_others() -> None:
    pairs = [*HANGS, (r"\frac{2}{\sqrt2}", r"\sqrt2")]
    texts = [rf"\boxed{{{answer}}}" for answer, _ in pairs]
    problems = [problem(json.dumps({"answer": gold})) for _, gold in pairs]
    start = time.monotonic()
    with plugins.load("reward", "math").open_reward(
        settings.score(timeout_s=1.5), settings.machine()
    ) as reward:
        verdicts = reward.score(problems, texts)
    assert time.monotonic() - start < 300
    assert [v.outcome for v in verdicts] == ["timeout", "timeout", "timeout", "correct"]


@pytest.mark.parametrize("code", CODE)
@pytest.mark.parametrize("answer", ["5", r"\sqrt2", "x"])
def test_answers_are_never_run(reward: Reward, code: str, answer: str, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    text = code.format(trap)
    texts = [rf"\boxed{{{text}}}", text, f"The answer is {text}", f"A: {text}", f"#### {text}"]
    reward.score([problem(json.dumps({"answer": answer}))] * len(texts), texts)
    reward.group([text, answer])
    assert not trap.exists()
