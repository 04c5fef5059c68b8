"""The whole experiment in one structure: every policy, and what changed between them.

Built from what the stages before left in files; `figures.py` and `page.py` only show it, and
`records` here are the small files that `dvc exp show`, `dvc metrics diff` and `dvc plots` read.
Differences are paired on the same problems, and the best iteration is chosen on val, never on test.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from restem.core.records import TRUNCATED
from restem.core.seeds import seed_for
from restem.evaluation.measures import EvalRow, IntervalJson, SetMetrics
from restem.evaluation.monitors import EStep, Training
from restem.evaluation.statistics import Interval, paired, verdict

BASE, HUMAN = "0", "human"
TRAIN, VAL, TEST = "train", "val", "test"


@dataclass(frozen=True)
class Policy:
    """One model: the base ("0"), the control trained on human solutions, or an iteration's."""

    name: str
    sets: Mapping[str, SetMetrics]
    rows: Sequence[EvalRow]
    training: Training | None = None
    e_step: EStep | None = None
    """The samples its training data came from; None for the base and the control."""

    @property
    def label(self) -> str:
        return {BASE: "Base", HUMAN: "Human SFT"}.get(self.name, f"Iteration {self.name}")

    def score(self, name: str) -> Interval:
        """Greedy pass@1 on a set."""
        return as_interval(self.sets[name]["pass_at_1"])

    def pass_at(self, name: str = TEST) -> dict[int, Interval]:
        """Sampled pass@k by k; empty where the set was not sampled."""
        found = self.sets[name].get("pass_at", {})
        return {int(k): as_interval(found[k]) for k in sorted(found, key=int)}

    def maj_at(self, name: str = TEST) -> dict[int, Interval]:
        found = self.sets[name].get("maj_at", {})
        return {int(k): as_interval(found[k]) for k in sorted(found, key=int)}

    @property
    def gap(self) -> float | None:
        """pass@1 on training problems minus that on test; None if train was not evaluated."""
        return self.score(TRAIN).mean - self.score(TEST).mean if TRAIN in self.sets else None

    @property
    def truncated(self) -> float:
        """Share of greedy test solutions cut at the limit."""
        return self.sets[TEST]["outcomes"][TRUNCATED] / self.sets[TEST]["num_problems"]

    @property
    def judged(self) -> tuple[int, int]:
        """Solutions given to the verifier, over all sets, and those it could not judge."""
        sets = self.sets.values()
        return sum(one["num_scored"] for one in sets), sum(one["num_faults"] for one in sets)

    def hits(self, name: str) -> dict[str, int]:
        """Greedy 0/1 by problem_id."""
        return {row["problem_id"]: row["greedy"] for row in self.rows if row["set"] == name}


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from one policy to another on the same problems of a set."""

    before: Policy
    after: Policy
    set: str
    change: Interval
    gained: int
    """Problems that only `after` solves."""
    lost: int
    num_problems: int

    @property
    def verdict(self) -> str:
        return verdict(self.change)


@dataclass(frozen=True)
class Summary:
    """policies: base, human (if the control was trained), iterations in order."""

    policies: Sequence[Policy]
    draws: int
    seed: int

    @cached_property
    def by_name(self) -> dict[str, Policy]:
        return {policy.name: policy for policy in self.policies}

    @property
    def base(self) -> Policy:
        return self.by_name[BASE]

    @property
    def human(self) -> Policy | None:
        return self.by_name.get(HUMAN)

    @property
    def loop(self) -> list[Policy]:
        """The base and the iterations."""
        return [policy for policy in self.policies if policy.name != HUMAN]

    @property
    def last(self) -> Policy:
        return self.loop[-1]

    @property
    def best_val(self) -> Policy:
        """The policy of the loop with the highest greedy pass@1 on val; the earliest of equals."""
        return max(self.loop, key=lambda policy: policy.score(VAL).mean)

    @property
    def judged(self) -> tuple[int, int]:
        """As of a policy, over all policies."""
        counts = [policy.judged for policy in self.policies]
        return sum(scored for scored, _ in counts), sum(faults for _, faults in counts)

    @property
    def transfer(self) -> list[str]:
        """Names of the transfer sets."""
        return sorted(set(self.base.sets) - {TRAIN, VAL, TEST})

    @property
    def held_out(self) -> list[str]:
        """The sets that no choice was made on: test, then the transfer sets."""
        return [TEST, *self.transfer]

    def difference(self, before: Policy, after: Policy, name: str) -> Difference:
        """Paired by problem_id over the problems that both were asked."""
        old, new = before.hits(name), after.hits(name)
        shared = sorted(old.keys() & new.keys())
        first, second = [old[i] for i in shared], [new[i] for i in shared]
        seed = seed_for(self.seed, "paired", before.name, after.name, name)
        pairs = list(zip(first, second, strict=True))
        return Difference(
            before=before,
            after=after,
            set=name,
            change=paired(first, second, self.draws, seed),
            gained=sum(a < b for a, b in pairs),
            lost=sum(a > b for a, b in pairs),
            num_problems=len(shared),
        )

    @cached_property
    def differences(self) -> list[Difference]:
        """Base, human control and previous iteration to each iteration, on every held-out set."""
        steps = self.loop[1:]
        pairs = [(self.base, policy) for policy in steps]
        pairs += list(itertools.pairwise(steps))
        if self.human:
            pairs += [(self.human, policy) for policy in steps] + [(self.base, self.human)]
        return [self.difference(*pair, name) for name in self.held_out for pair in pairs]

    def find(self, before: Policy, after: Policy, name: str = TEST) -> Difference:
        """One of `differences`. Raises: StopIteration if it is not among them."""
        return next(
            one
            for one in self.differences
            if (one.before.name, one.after.name, one.set) == (before.name, after.name, name)
        )


def as_interval(values: IntervalJson) -> Interval:
    return Interval(values["mean"], values["low"], values["high"])
