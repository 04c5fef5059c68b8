"""Problems of every split, rendered as prompts; checked to be disjoint, and to be judged right.

Problems with tests get a time limit of their own, from what their solutions take.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

from restem.core import layout, plugins, storage
from restem.core.faults import check_faults
from restem.core.judging import reward_name
from restem.core.params import Params
from restem.core.progress import Progress
from restem.core.records import Problem, Verdict
from restem.core.scratch import write_atomically
from restem.method import decontamination, selfcheck
from restem.method.selfcheck import SelfCheck
from restem.tasks.choice import check_reward, transfer_sets

log = logging.getLogger(__name__)
TEXTS_PER_STEP = 256  # between two moves of the bar

Splits = dict[str, list[Problem]]
Limiter = Callable[[Sequence[Problem], Sequence[Sequence[str]]], list[Problem]]
"""Problems and their solutions to problems with time limits."""


def run(params: Params, iteration: str | None) -> None:
    """Write data/problems/SPLIT.parquet, quarantine.jsonl and prepared.json.

    Raises: DataError, ParamsError; SandboxError if the verifier itself fails too often.
    """
    task = plugins.load("task", params.task)
    splits: Splits = task.problems(params.data)
    reward = reward_name(params.reward, splits["train"])
    check_reward(params.task, task, reward)
    shown = list(task.exemplars(params.data)) if hasattr(task, "exemplars") else []
    for name, data in transfer_sets(params.data).items():
        other = plugins.load("task", name)
        check_reward(name, other, reward)
        splits[name] = [replace(p, split=name) for p in other.held_out(data)][: data.test_problems]
        shown += other.exemplars(data) if hasattr(other, "exemplars") else []
    splits, removed = decontamination.without_exemplars(splits, shown)
    overlap = decontamination.check(splits, params.data.max_overlap)
    checked = self_check(params, reward, splits)
    write(checked, {
        "task": params.task, "version": task.VERSION, "reward": reward,
        "exemplars_removed": removed, "overlap": overlap,
    })  # fmt: skip
    counts = ", ".join(f"{len(problems)} {split}" for split, problems in checked.splits.items())
    log.info("prepare: %s %s: %s; %d few-shot examples left out, %d quarantined -> %s",
             params.task, task.VERSION, counts, len(removed), len(checked.quarantined),
             layout.PROBLEMS)  # fmt: skip


def self_check(params: Params, reward: str, splits: Splits) -> SelfCheck:
    """Whether golds and human solutions earn the reward. Raises: DataError, SandboxError."""
    module = plugins.load("reward", reward)
    total = sum(len(problems) for problems in splits.values())
    with module.open_reward(params.score, params.machine) as opened:
        with Progress("prepare", total, "problems") as bar:

            def judge(problems: Sequence[Problem], texts: Sequence[str]) -> list[Verdict]:
                verdicts: list[Verdict] = []
                for start in range(0, len(texts), TEXTS_PER_STEP):
                    step = slice(start, start + TEXTS_PER_STEP)
                    verdicts += opened.score(problems[step], texts[step])
                    bar.advance(min(len(texts[step]), total - bar.count))
                return verdicts

            checked = selfcheck.self_check(splits, judge, module.gold_text)
        if hasattr(opened, "with_limits"):
            checked = limited(checked, splits, opened.with_limits)
    if checked.faults:
        problem_id, verdict = checked.faults[0]
        check_faults(len(checked.faults), checked.num_judged, params.score.max_fault_rate,
                     f"first: {problem_id}, {verdict.outcome}: {verdict.detail}")  # fmt: skip
    sizes = {split: len(problems) for split, problems in splits.items()}
    selfcheck.check_quarantined(checked.quarantined, sizes, params.data.max_quarantined)
    return checked


def limited(checked: SelfCheck, asked: Splits, with_limits: Limiter) -> SelfCheck:
    """The checked problems with time limits, for which all their solutions by people run."""
    solutions = {
        (split, problem.problem_id): [
            text for text in (problem.human_solution, *problem.references) if text is not None
        ]
        for split, problems in asked.items()
        for problem in problems
    }
    flat = [(split, problem) for split, problems in checked.splits.items() for problem in problems]
    found: list[Problem] = []
    with Progress("prepare", len(flat), "time limits") as bar:
        for start in range(0, len(flat), TEXTS_PER_STEP):
            step = flat[start : start + TEXTS_PER_STEP]
            texts = [solutions[split, problem.problem_id] for split, problem in step]
            found += with_limits([problem for _, problem in step], texts)
            bar.advance(len(step))
    changed = sum(new.gold != old.gold for new, (_, old) in zip(found, flat, strict=True))
    log.info("prepare: %d of %d problems have a time limit below score.cpu_s", changed, len(flat))
    rest = iter(found)
    splits = {split: [next(rest) for _ in problems] for split, problems in checked.splits.items()}
    return replace(checked, splits=splits)


def write(checked: SelfCheck, report: dict[str, object]) -> None:
    """All files of data/problems; those of an earlier run go."""
    for split, problems in checked.splits.items():
        ordered = sorted(problems, key=lambda problem: problem.problem_id)
        storage.write_problems(layout.problems(split), ordered)
    for old in layout.PROBLEMS.glob("*.parquet"):
        if old.stem not in checked.splits:
            old.unlink()
    lines = (json.dumps(asdict(item), ensure_ascii=False) for item in checked.quarantined)
    write_atomically(layout.QUARANTINE, "".join(f"{line}\n" for line in lines).encode())
    storage.write_json(layout.PREPARED, report | {
        "problems": {split: len(problems) for split, problems in checked.splits.items()},
        "quarantined": selfcheck.count_quarantined(checked.quarantined),
        "verifier_faults": len(checked.faults),
    })  # fmt: skip
