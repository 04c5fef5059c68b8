"""A small experiment as the stages before `report` leave it, made by the real harness and storage.

Policies are simulated: each problem has a hidden difficulty, a policy of skill s answers it right
where s is above it, and wrong, not at all, or without end elsewhere.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from restem.core import layout
from restem.core import params as params_file
from restem.core.params import Params
from restem.core.protocols import Sampling
from restem.core.records import CORRECT, NO_ANSWER, WRONG, Completion, Problem, Verdict, complete
from restem.core.seeds import seed_for
from restem.core.storage import write_json, write_problems, write_rows
from restem.evaluation import probes
from restem.evaluation.harness import evaluate
from restem.stages import audit

SKILLS = {"0": 0.24, "human": 0.42, "1": 0.72, "2": 0.78, "3": 0.77, "4": 0.79, "5": 0.78}
SUBJECTS = ("algebra", "counting", "fractions", "number theory", "prealgebra")
ROOT = Path(__file__).parents[3]


def problems(split: str, count: int) -> list[Problem]:
    rng = random.Random(f"problems {split}")
    made = []
    for i in range(count):
        a, b, c = rng.randint(2, 60), rng.randint(2, 40), rng.randint(2, 9)
        question = f"What is {a} + {b} · {c}? Write the result as one number."
        gold = json.dumps({"answer": str(a + b * c)})
        made.append(
            Problem(f"toy-{split}-{i:05d}", "toy", split, SUBJECTS[i % 5], 1 + i // 5 % 5, question,
                    f"Problem: {question}\nSolution:\n", ("\n\n",), gold, None)
        )  # fmt: skip
    return made


class Simulated:
    """A policy: `draw` has the signature that `evaluate` asks for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.skill = SKILLS[name]

    def draw(self, asked: Sequence[Problem], n: int, sampling: Sampling) -> list[list[Completion]]:
        return [[self.solve(problem, k, sampling) for k in range(n)] for problem in asked]

    def solve(self, problem: Problem, index: int, sampling: Sampling) -> Completion:
        hidden = random.Random(f"difficulty {problem.problem_id}")
        own = random.Random(f"{self.name} {problem.problem_id} {index} {sampling.seed}")
        spread = 0.04 if sampling.temperature == 0 else 0.5 * sampling.temperature
        easier = 0.1 if problem.split == "train" and self.name not in "0" else 0.0
        is_right = hidden.random() < self.skill + easier + own.gauss(0, spread)
        a, b, c = map(int, re.findall(r"\d+", problem.question))
        manner = own.random()
        if is_right:
            text = f"First, {b} · {c} = {b * c}.\nThen {a} + {b * c} = {a + b * c}.\n"
            text += (
                f"The answer is \\boxed{{{a + b * c}}}."
                if manner < 0.5
                else f"\\boxed{{{a + b * c}}}"
            )
        elif manner < 0.8:
            text = f"First, {a} + {b} = {a + b}.\nThen {a + b} · {c} = {(a + b) * c}.\n"
            text += f"The answer is \\boxed{{{(a + b) * c + int(10 * manner)}}}."
        else:
            text = f"First, {b} · {c} = " + "1 + " * (20 if manner > 0.9 else 3)
        return Completion(
            text, len(text.split()) + 1, "length" if manner > 0.9 and not is_right else "stop", None
        )


class BoxedNumber:
    """A reward that compares the boxed number with the gold one."""

    def score(self, asked: Sequence[Problem], texts: Sequence[str]) -> list[Verdict]:
        return [self.judge(problem, text) for problem, text in zip(asked, texts, strict=True)]

    def judge(self, problem: Problem, text: str) -> Verdict:
        found = re.findall(r"\\boxed\{(-?\d+)\}", text)
        if not found:
            return Verdict(0.0, NO_ANSWER, None, "nothing is boxed")
        is_right = int(found[-1]) == int(json.loads(problem.gold)["answer"])
        return Verdict(float(is_right), CORRECT if is_right else WRONG, found[-1], "numbers")

    def group(self, answers: Sequence[str | None]) -> list[int | None]:
        seen: dict[int, int] = {}
        return [None if a is None else seen.setdefault(int(a), len(seen)) for a in answers]


@dataclass(frozen=True)
class Sizes:
    d: int = 150
    val: int = 60
    test: int = 120
    stories: int = 50
    updates: int = 40


SMALL = Sizes()


def make_params(**changes: object) -> Params:
    """The default params.yaml with a few values changed, kept small."""
    params = params_file.load(ROOT / "tests/params.yaml")
    small = replace(params.eval, train_problems=50, sampled_problems=20, samples=8,
                    pass_at=[1, 2, 8], bootstrap_draws=400)  # fmt: skip
    return replace(params, samples_per_problem=6, eval=small, **changes)


def write_experiment(params: Params, *, human: bool = True, sizes: Sizes = SMALL) -> None:
    """Everything that `report` reads, below the current folder."""
    counts = {"train": sizes.d, "val": sizes.val, "test": sizes.test, "stories": sizes.stories}
    sets = {split: problems(split, count) for split, count in counts.items()}
    for split, asked in sets.items():
        write_problems(layout.problems(split), asked)
    asked = {**sets, "train": sets["train"][: params.eval.train_problems]}
    for name in ["0", "human", *map(str, range(1, params.iters + 1))]:
        if name == "human" and not human:
            write_json(layout.evaluation(name), {"idle": True})
            write_json(layout.training(name), {"idle": True})
            write_rows("eval", layout.eval_rows(name), [])
            continue
        rows, metrics = evaluate(asked, Simulated(name).draw, BoxedNumber(), params.eval, 0)
        write_rows("eval", layout.eval_rows(name), rows)
        write_json(layout.evaluation(name), metrics)
        num_rows = sizes.d
        if name.isdigit() and name != "0":
            num_rows = write_e_step(name, sets["train"], params)
        if name != "0":
            write_training(name, num_rows, sizes.updates)
    audit.run(params, None)


def write_e_step(name: str, asked: list[Problem], params: Params) -> int:
    """scored.parquet and train.parquet of an iteration; returns the number of rows kept."""
    policy, reward = Simulated(str(int(name) - 1)), BoxedNumber()
    sampling = Sampling(params.temperature, 40, 1.0, 90, seed_for("e-step", name))
    scored, kept = [], {}
    for problem, drawn in zip(
        asked, policy.draw(asked, params.samples_per_problem, sampling), strict=True
    ):
        for index, one in enumerate(drawn):
            verdict = complete(reward.judge(problem, one.text), one.finish_reason)
            sample_id = f"{problem.problem_id}-{index}"
            scored.append(
                {"problem_id": problem.problem_id, "sample_index": index, "text": one.text,
                 "num_tokens": one.num_tokens, "finish_reason": one.finish_reason, "logprob": -1.0,
                 "sample_id": sample_id, "answer": verdict.answer, "reward": verdict.reward,
                 "outcome": verdict.outcome, "detail": verdict.detail, "grader": "toy-1"}
            )  # fmt: skip
            if verdict.reward > 0:
                kept.setdefault((problem.problem_id, one.text), {
                    "prompt": problem.prompt, "completion": one.text, "weight": 1.0,
                    "problem_id": problem.problem_id, "sample_id": sample_id})  # fmt: skip
    write_rows("scored", layout.scored(name), scored)
    write_rows("train", layout.train_rows(name), kept.values())
    return len(kept)


def write_training(name: str, num_rows: int, updates: int) -> None:
    rng = random.Random(f"training {name}")
    curve = [
        {"step": s, "epoch": round(3 * s / updates, 3), "grad_norm": 1.0, "learning_rate": 5e-4,
         "loss": 0.35 + 0.8 * 0.9 ** (60 * s / updates) + rng.gauss(0, 0.03)}
        for s in range(1, updates + 1)
    ]  # fmt: skip
    checks = [
        {"step": s, "epoch": float(e), "reward": SKILLS[name] - 0.05 + 0.02 * e}
        for e, s in enumerate([0, updates // 3, 2 * updates // 3, updates])
    ]
    write_json(layout.training(name), {
        "curve": curve, "checks": checks, "best_step": checks[-1]["step"],
        "best_reward": checks[-1]["reward"], "num_rows": num_rows, "num_overlong": 0,
        "num_updates": updates, "target_tokens": 20 * num_rows, "tokens": 60 * num_rows,
        "init": "models/0"})  # fmt: skip


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Params]:
    """Write an experiment into an empty folder and work in it; returns its params."""

    def build(*, human: bool = True, sizes: Sizes = SMALL, **changes: object) -> Params:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(probes, "MAX_GOLDS", 10)  # fast
        params = make_params(**changes)
        write_experiment(params, human=human, sizes=sizes)
        return params

    return build
