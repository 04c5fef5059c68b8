"""The reward against labels that other people's graders gave to real model outputs."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from settings import machine, score

from restem.core.protocols import Reward
from restem.core.records import Problem
from restem.rewards.extract import extract
from restem.rewards.math import open_reward
from restem.rewards.normal import normalise

PUBLIC = Path(os.environ["RESTEM_DATA"]) if "RESTEM_DATA" in os.environ else Path("nowhere")
pytestmark = pytest.mark.skipif(
    not PUBLIC.is_dir(), reason="RESTEM_DATA names no folder with math/ and mathcoder_gsm8k/"
)
RUN = "mathcoder_gsm8k/MathCoder-L-7b.20230916-1751.{}.jsonl.gz"


@pytest.fixture(scope="module")
def reward() -> Iterator[Reward]:
    with open_reward(score(timeout_s=20.0), machine()) as opened:
        yield opened


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(PUBLIC / name, "rt") as lines:
        return [json.loads(line) for line in lines]


def problem(answer: object) -> Problem:
    return Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps({"answer": answer}), None)


def gold(row: dict[str, Any]) -> Problem:
    return problem(row["ground_truth"]["answer"])


def transcript(row: dict[str, Any]) -> str:
    """All the model wrote and its programs printed."""
    blocks = (b for b in row["debug_result"] if b["role"] in ("text", "code", "execution"))
    return "\n".join(block["content"] for block in blocks)


@pytest.mark.parametrize(("kind", "right", "count"), [("correct", 849, 849), ("wrong", 0, 470)])
def test_final_answers_of_mathcoder_agree_with_its_labels(
    reward: Reward, kind: str, right: int, count: int
) -> None:
    """The field `completion` is what MathCoder took for the final answer; no label disagrees."""
    recorded = rows(RUN.format(kind))
    verdicts = reward.score(
        [gold(r) for r in recorded],
        [f"A: {r['completion']}" for r in recorded],
    )
    assert (sum(v.reward == 1 for v in verdicts), len(verdicts)) == (right, count)


# Whole transcripts, where we and the label disagree. Theirs reads the last output, we the last box.
LABELLED_RIGHT = {"253": "boxes 82, then says 73"}
LABELLED_WRONG = {
    "1068": "boxes 245, then says 24500",
    "416": "boxes 350, then doubts it without a new answer",
    "109": "boxes 50, then a program fails",
    "985": "boxes $342, then prints 0.0",
    "1104": "boxes 90, then prints False",
}


@pytest.mark.parametrize(
    ("kind", "reward_of_label", "disagreements"),
    [("correct", 1.0, LABELLED_RIGHT), ("wrong", 0.0, LABELLED_WRONG)],
)
def test_disagreements_on_whole_transcripts_are_known(
    reward: Reward, kind: str, reward_of_label: float, disagreements: dict[str, str]
) -> None:
    recorded = rows(RUN.format(kind))
    verdicts = reward.score([gold(r) for r in recorded], [transcript(r) for r in recorded])
    differs = {
        str(r["id"]) for r, v in zip(recorded, verdicts, strict=True) if v.reward != reward_of_label
    }
    assert differs == set(disagreements)


def test_math_golds_equal_themselves_and_nothing_else(reward: Reward) -> None:
    """350 problems of MATH's training split. Every pair of neighbours is checked, too."""
    solutions = [str(r["solution"]) for r in rows("math/derived.train_350.jsonl.gz")]
    golds = [found.answer for found in map(extract, solutions) if found and found.rule == "boxed"]
    assert len(golds) == 350
    own = reward.score([problem(g) for g in golds], solutions)
    assert [v.reward for v in own] == [1.0] * 350
    shifted = reward.score([problem(g) for g in golds], [*solutions[1:], solutions[0]])
    same = [(g, v.answer) for g, v in zip(golds, shifted, strict=True) if v.reward]
    spelled = [(normalise(g).text, normalise(str(answer)).text) for g, answer in same]
    assert all(g == answer for g, answer in spelled)
