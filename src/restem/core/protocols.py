"""The three things one can plug in, on one page.

A plug-in is a file: `tasks/x.py` is `task: x` in params.yaml, `rewards/x.py` is `reward: x`,
`sampling/x.py` is `engine: x`. No registry: `core/plugins.py` imports the file by its name, and
lists the files there are when it is unknown.

    Task    what is asked              a module with VERSION, REWARDS and problems(data)
    Reward  who says it is right       a module with VERSION, open_reward(...) and gold_text(...)
    Engine  how text is produced       a module with open_engine(...)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from restem.core.params import Data, Machine, Sample, Score
from restem.core.records import Completion, Problem, Verdict


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one completion is drawn. Paper, §5: top-k 40, T 0.7 in the E-step; evaluation greedy."""

    temperature: float
    """0 means greedy."""
    top_k: int
    """0 means all."""
    top_p: float
    max_new_tokens: int
    seed: int
    """Noise of a sample is a function of (seed, problem_id, sample_index)."""


@dataclass(frozen=True, slots=True)
class Request:
    """Samples `first` ..< `last` of one problem."""

    problem_id: str
    prompt: str
    stop: tuple[str, ...]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Shard:
    """The unit of work, of loss after a kill, and of batch composition.

    A shard gives the same bytes wherever it runs.
    """

    name: str
    requests: tuple[Request, ...]


class Task(Protocol):
    """What is asked. A module; only `prepare` calls it, so task code never invalidates samples."""

    VERSION: str
    REWARDS: tuple[str, ...]
    """Names of the rewards that can judge this task."""

    def problems(self, data: Data) -> dict[str, list[Problem]]:
        """All splits at once: `train`, `val`, `test`, and transfer sets (every other name).

        Raises: DataError with file and line for malformed input, ParamsError for a task without
        training problems (such a one is a transfer set of others).
        """
        ...

    def exemplars(self, data: Data) -> list[str]:
        """Questions of the few-shot examples: those that are training problems leave D."""
        ...

    def held_out(self, data: Data) -> list[Problem]:
        """The test set alone, for tasks that can be a transfer set of another one.

        The files of task `x` are then in `transfer/x/` inside the other task's `data.path`, and
        `data.path` names that folder here. Split and problem_id are those of a test set.
        """
        ...


class Reward(Protocol):
    """Who says it is right.

    One that runs programs may have `with_limits(problems, solutions)`, too: `prepare` stores the
    problems it returns, whose golds hold time limits from what the solutions took.
    """

    grader: str
    """Name, version and all else a verdict depends on besides problem and text, such as the tier of
    the sandbox and the interpreter. It stands in every scored row."""

    def score(self, problems: Sequence[Problem], texts: Sequence[str]) -> list[Verdict]:
        """One verdict per (problem, text) pair, in order; in batches, as pools and models work."""
        ...

    def group(self, answers: Sequence[str | None]) -> list[int | None]:
        """Equivalence class of each extracted answer, for majority voting.

        Equal numbers mean equivalent answers, numbered in order of appearance; None stays None.
        """
        ...


class RewardModule(Protocol):
    """A file in rewards/."""

    VERSION: str

    def open_reward(self, score: Score, machine: Machine) -> AbstractContextManager[Reward]:
        """The reward, with its worker processes; they end with the context.

        Raises: SandboxError if it cannot do its work safely on this machine.
        """
        ...

    def gold_text(self, problem: Problem) -> str | None:
        """A solution text made of the gold, which must earn the reward; None if gold is tests."""
        ...


class Engine(Protocol):
    """How text is produced."""

    @property
    def timing(self) -> Mapping[str, float]:
        """Seconds of wall time so far, by what they went to: `start` (imports, processes, a
        cluster), `load` (weights into memory)."""
        ...

    def generate(
        self, shards: Iterable[Shard], sampling: Sampling
    ) -> Iterator[tuple[Shard, list[list[Completion]]]]:
        """Finished shards in any order, each with completions[request][sample_index - first].

        Shards are taken from the iterable as there is room to work on them, so that millions of
        samples need no more memory than thousands. A shard gives the same completions whatever
        others are under way.

        Fewer completions than asked for where no more are recorded. Raises: EngineError.
        """
        ...


class EngineModule(Protocol):
    """A file in sampling/."""

    def open_engine(
        self, model_dir: Path, sample: Sample, machine: Machine
    ) -> AbstractContextManager[Engine]:
        """An engine for the model in `model_dir`. Raises: EngineError if there is no causal LM."""
        ...
