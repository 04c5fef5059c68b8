"""Evaluate a policy: greedy decoding on every set, sampling on some problems of val and test.

The policy is a function that draws completions and the verifier a `Reward`, both handed in, so that
any engine and any task are evaluated by the same protocol:

    pass@1   greedy, every problem of every set                       §5 of the paper
    pass@k   T 1.0, top-p 0.95, the first `sampled_problems` of val and test, unbiased
    maj@k    T 0.7, top-k 40, the same problems, a vote over equivalent answers
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from restem.core.params import Eval
from restem.core.protocols import Reward, Sampling
from restem.core.records import CORRECT, FAULTS, TRUNCATED, Completion, Problem, Verdict, complete
from restem.core.seeds import seed_for
from restem.core.storage import Row
from restem.evaluation.estimators import majority_chance
from restem.evaluation.measures import EvalRow, measure

SAMPLED_SETS = ("val", "test")
Draw = Callable[[Sequence[Problem], int, Sampling], list[list[Completion]]]
"""Completions of each problem: `draw(problems, n, sampling)[problem][0 ..< n]`."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """One completion and what the verifier said of it."""

    completion: Completion
    verdict: Verdict

    @property
    def is_correct(self) -> bool:
        return self.verdict.outcome == CORRECT

    @property
    def vote(self) -> str | None:
        """The answer; a solution that was cut off has not given one yet."""
        return None if self.verdict.outcome == TRUNCATED else self.verdict.answer


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Everything drawn for one problem; `passing` and `voting` are empty if not sampled."""

    problem: Problem
    greedy: _Judged
    passing: Sequence[_Judged]
    voting: Sequence[_Judged]

    @property
    def judged(self) -> list[_Judged]:
        return [self.greedy, *self.passing, *self.voting]


def evaluate(
    sets: Mapping[str, Sequence[Problem]], draw: Draw, reward: Reward, params: Eval, seed: int
) -> tuple[list[Row], dict[str, object]]:
    """Rows of `eval.parquet`, sorted by (set, problem_id), and the metrics of each set by its name.

    sets: `train` (the part of D to evaluate), `val`, `test` and any transfer sets; empty ones are
    left out. Deterministic if `draw` is. Faults of the verifier are counted here, not acted upon.
    """
    everything = [problem for problems in sets.values() for problem in problems]
    sampled = [p for name in SAMPLED_SETS for p in sets.get(name, ())[: params.sampled_problems]]
    greedy = _judge(everything, 1, draw, reward, _greedy(params))
    passing = _judge(sampled, params.samples, draw, reward, _for_pass(params, seed))
    voting = _judge(sampled, params.samples, draw, reward, _for_vote(params, seed))
    rows: list[Row] = []
    metrics: dict[str, object] = {}
    for name in sorted(name for name, problems in sets.items() if problems):
        drawn = [
            _Drawn(p, greedy[p.problem_id][0], passing.get(p.problem_id, ()),
                   voting.get(p.problem_id, ()))
            for p in sorted(sets[name], key=lambda problem: problem.problem_id)
        ]  # fmt: skip
        of_set = [_row(name, one, reward) for one in drawn]
        faults = [judged.verdict.outcome in FAULTS for one in drawn for judged in one.judged]
        metrics[name] = measure(of_set, params, seed, (len(faults), sum(faults)))
        rows += cast(list[Row], of_set)
    return rows, metrics


def _judge(
    problems: Sequence[Problem], n: int, draw: Draw, reward: Reward, sampling: Sampling
) -> dict[str, list[_Judged]]:
    """n judged completions of each problem, by problem_id; one call of the verifier for all."""
    if not problems:
        return {}
    drawn = draw(problems, n, sampling)
    pairs = [(p, c) for p, texts in zip(problems, drawn, strict=True) for c in texts]
    verdicts = reward.score([p for p, _ in pairs], [c.text for _, c in pairs])
    judged: dict[str, list[_Judged]] = {problem.problem_id: [] for problem in problems}
    for (problem, completion), verdict in zip(pairs, verdicts, strict=True):
        judged[problem.problem_id].append(
            _Judged(completion, complete(verdict, completion.finish_reason))
        )
    return judged


def _row(name: str, drawn: _Drawn, reward: Reward) -> EvalRow:
    problem, greedy = drawn.problem, drawn.greedy
    return {
        "set": name,
        "problem_id": problem.problem_id,
        "subject": problem.subject,
        "level": problem.level,
        "greedy": int(greedy.is_correct),
        "outcome": greedy.verdict.outcome,
        "text": greedy.completion.text,
        "answer": greedy.verdict.answer,
        "num_tokens": greedy.completion.num_tokens,
        "num_samples": len(drawn.passing) or None,
        "num_correct": sum(one.is_correct for one in drawn.passing) if drawn.passing else None,
        "maj": _majority(drawn.voting, reward) if drawn.voting else None,
    }


def _majority(judged: Sequence[_Judged], reward: Reward) -> float:
    classes = reward.group([one.vote for one in judged])
    return majority_chance(classes, [one.is_correct for one in judged])


def _greedy(params: Eval) -> Sampling:
    return Sampling(0.0, 0, 1.0, params.max_new_tokens, 0)


def _for_pass(params: Eval, seed: int) -> Sampling:
    noise = seed_for(seed, "eval", "pass")
    return Sampling(params.temperature, 0, params.top_p, params.max_new_tokens, noise)


def _for_vote(params: Eval, seed: int) -> Sampling:
    noise = seed_for(seed, "eval", "maj")
    return Sampling(params.maj_temperature, params.maj_top_k, 1.0, params.max_new_tokens, noise)
