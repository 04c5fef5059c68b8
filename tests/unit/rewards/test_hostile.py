# ruff: noqa: E501  (the tables are long)
"""Answers made to hang, to fill the memory or to run as code: each gets an outcome in time."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from settings import machine, score

from restem.core.protocols import Reward
from restem.core.records import OUTCOMES, Problem
from restem.rewards.extract import extract
from restem.rewards.math import open_reward

pytestmark = pytest.mark.slow  # each up to its time limit

# Boxed, against a gold that takes algebra; most never reach it.
ANSWERS = [
    "9^{9^{9^9}}", "9^9^9", "9**9**9", "2^(3^(4^5))", r"2^{2^{2^{49}}}", r"2^{\frac{9^{99}}{3}}",
    "10^{10^{10}}", "99999999^{99999999}", r"\sqrt{9^{9^{9}}}", "((20!)!)!", "100000!", "(10^7)!",
    "9!!!!!!!!", r"\binom{10^7}{5000000}", r"\binom{1000000}{500000}", r"\Gamma(10000000)",
    r"\prod_{k=1}^{100000000} k", r"\sum_{k=1}^{10^{9}} \sin k", r"\sum_{k=1}^{99999} \frac{1}{k^k}",
    r"\prod_{k=1}^{9999} (1+\frac{1}{k}) x", r"\int_0^1 \frac{\ln(1+x^7)}{1+x^{11}} dx",
    r"\int_0^{\pi} \cos(\sin(\cos x)) dx", r"\lim_{n\to\infty} (1+\frac{1}{n})^{n^2} n!",
    "(x+y+z+1)^{200}", "(x+1)^{99999}", "(a+b+c+d+f+g+h)^{40}", r"\cos x\cos 2x\cos 3x\cos 4x\cos 5x\cos 6x",
    r"\sqrt{" * 23 + "2" + "}" * 23, r"\sqrt{" * 200 + "2" + "}" * 200, r"\frac{1}{1+" * 20 + "x" + "}" * 20,
    "(" * 5000, "{" * 5000, "[" * 300 + "1" + "]" * 300, "|" * 400, "x^" * 300, "1+" * 300 + "1",
    "-" * 599 + "1", "x" * 600, "9" * 5000, "0." + "3" * 3000, "1/" * 300 + "1", r"\pm " * 60 + "1",
    "1," * 900 + "1", r"\begin{pmatrix}" + "1&" * 500 + r"1\end{pmatrix}", r"1\cup" * 200 + "1",
    r"\text{" * 400, r"\left(" * 300, "x=" * 400 + "1", "1<" * 300 + "x", "√" * 500, r"\overline{" * 200,
    "5\x00", "5\ud800", b"5\xff\xfe".decode(errors="replace"), "\u200f5\u200e", "5\u200b", "５", "\u202e5",
    "\ufeff5", "a\u0301" * 300, "5\r\n6\x0b7", "𝟓", "⁵", "Ⅴ",
]  # fmt: skip

TEXTS = [
    "\\boxed{" * 5000, "\\boxed{5}" * 5000, "\\(" * 4000, "$" * 9999, "$x$ " * 4000, "\\[" * 4000,
    "Final Answer: The final answer is " * 2000, "I hope it is correct. " * 2000, "#### " * 5000,
    "answer is " * 5000, "=" * 20000, "\n" * 20000, "1 " * 20000, "}" * 20000, "the $5 is " * 3000,
    "\x00" * 100_000, "\ud800" * 10_000, "\u200b" * 10_000,
]  # fmt: skip

TEN_MEGABYTES = [
    "9" * 10_000_000, "\\boxed{" + "9" * 10_000_000 + "}", "\\boxed{" + "x+" * 5_000_000 + "1}",
]  # fmt: skip

INJECTIONS = [
    "__import__('pathlib').Path({m!r}).touch()",
    "__import__('pathlib').Path({m!r}).touch() or 0",
    "open({m!r}, 'w').write('x')",
    "[open({m!r}, 'w') for _ in [0]]",
    "(lambda: open({m!r}, 'w'))()",
    "eval(\"open({m!r}, 'w')\")",
    "exec(\"open({m!r}, 'w')\")",
    "getattr(__builtins__, 'open')({m!r}, 'w')",
    "globals()['__builtins__']['open']({m!r}, 'w')",
    "().__class__.__base__.__subclasses__() and open({m!r}, 'w')",
    "(1).__class__.__mro__[1].__subclasses__()",
    "os.system('touch {m}')",
    "$(touch {m})",
    "`touch {m}`",
    "; touch {m}",
    "import os; os.mkdir({m!r})",
    r"\input{{{m}}}",
    r"\write18{{touch {m}}}",
    r"\immediate\write18{{touch {m}}}",
    "sympify(\"open({m!r}, 'w')\")",
    "x.func(open({m!r}, 'w'))",
    "{{{{ open({m!r}, 'w') }}}}",
    "5 + open({m!r}, 'w').write('x')",
    r"\operatorname{{open}}({m!r})",
]

LIMIT_S = 1.0


@pytest.fixture(scope="module")
def reward() -> Iterator[Reward]:
    with open_reward(score(timeout_s=LIMIT_S), machine()) as opened:
        yield opened


def problem(answer: str) -> Problem:
    return Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps({"answer": answer}), None)


def seconds_and_outcome(reward: Reward, text: str, answer: str) -> tuple[float, str]:
    start = time.monotonic()
    [verdict] = reward.score([problem(answer)], [text])
    assert verdict.reward == 0
    return time.monotonic() - start, verdict.outcome


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_an_answer_that_would_hang_has_an_outcome_in_time(reward: Reward, answer: str) -> None:
    seconds, outcome = seconds_and_outcome(reward, "\\boxed{" + answer + "}", r"\sqrt{7}x+\pi")
    assert outcome in OUTCOMES
    assert seconds < 120, "it hangs"


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_text_that_would_hang_has_an_outcome_in_time(reward: Reward, text: str) -> None:
    seconds, outcome = seconds_and_outcome(reward, text, r"\sqrt{7}x+\pi")
    assert outcome in OUTCOMES
    assert seconds < 120, "it hangs"


@pytest.mark.slow
@pytest.mark.parametrize("text", TEN_MEGABYTES, ids=range(len(TEN_MEGABYTES)))
def test_ten_megabytes_have_an_outcome_in_time(reward: Reward, text: str) -> None:
    seconds, outcome = seconds_and_outcome(reward, text, r"\sqrt{7}x+\pi")
    assert outcome in OUTCOMES
    assert seconds < 300, "it hangs"


@pytest.mark.parametrize("piece", ["\\boxed{", "\\(", "$a", "9", "Final Answer: ", "\u200b", "}"])
def test_extraction_is_linear_to_a_million_characters(piece: str) -> None:
    def seconds(size: int) -> float:
        text, taken = piece * (size // len(piece)), []
        for _ in range(3):
            start = time.process_time()
            extract(text)
            taken.append(time.process_time() - start)
        return min(taken)

    assert seconds(1_000_000) < 8 * max(seconds(250_000), 0.02)


def test_no_answer_is_run_as_code(reward: Reward, tmp_path: Path) -> None:
    marker = str(tmp_path / "marker")
    payloads = [payload.format(m=name) for payload in INJECTIONS for name in (marker, "m")]
    frames = ("%s", "\\boxed{%s}", "answer is $%s$", "The answer is %s", "#### %s", "A: %s")
    texts = [frame % payload for payload in payloads for frame in frames]
    for answer in ("0", "x+1", r"\sqrt{2}"):
        verdicts = reward.score([problem(answer)] * len(texts), texts)
        assert [v.reward for v in verdicts] == [0.0] * len(texts)
    golds = reward.score([problem(p) for p in payloads], [r"\boxed{\sqrt{2}+x}"] * len(payloads))
    assert [v.reward for v in golds] == [0.0] * len(payloads)
    assert not any(tmp_path.iterdir())
