"""The rows that travel between stages, as frozen records. Parquet columns: `core/storage.py`."""

from __future__ import annotations

from dataclasses import dataclass, replace

# Outcomes of scoring. Only CORRECT earns a reward; FAULTS are the verifier's, never the model's.
CORRECT, WRONG, NO_ANSWER, TRUNCATED = "correct", "wrong", "no_answer", "truncated"
# Of programs: does not compile; raises or exits; needs more CPU time than a test may take.
COMPILE_ERROR, RUNTIME_ERROR, TIME_LIMIT = "compile_error", "runtime_error", "time_limit"
# Of the verifier: it thought for too long; it broke.
TIMEOUT, ERROR = "timeout", "error"
FAULTS = (TIMEOUT, ERROR)
OUTCOMES = (CORRECT, WRONG, NO_ANSWER, TRUNCATED, COMPILE_ERROR, RUNTIME_ERROR, TIME_LIMIT, *FAULTS)


@dataclass(frozen=True, slots=True)
class Problem:
    """What the policy is asked."""

    problem_id: str
    """Unique over all splits of a task; rows are sorted by it."""
    task: str
    split: str
    """train, val, test, or the name of a transfer set."""
    subject: str
    level: int
    """Difficulty, 1 (easy) to 5; 0 where the source has none."""
    question: str
    prompt: str
    """The text the policy continues, few-shot examples included."""
    stop: tuple[str, ...]
    """Strings that end a solution; they are not part of it."""
    gold: str
    """JSON for the reward: `{"answer": "5/6"}` for math, `{"tests": {...}}` for programs, where
    `prepare` adds "cpu_s", the problem's own time limit, to the tests."""
    human_solution: str | None
    """A solution written by a person, for the SFT control; it earns the reward."""
    references: tuple[str, ...] = ()
    """Further solutions by people, for `prepare` alone: where human_solution fails, the first of
    these that earns the reward takes its place. All of them set the time limit. Not stored."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One text drawn for a prompt."""

    text: str
    """Without the stop string or end-of-sequence token."""
    num_tokens: int
    """Tokens generated, the ending one included."""
    finish_reason: str
    """`stop` (end token or stop string) or `length` (cut at max_new_tokens)."""
    logprob: float | None
    """Sum of log-probabilities of the generated tokens under the unmodified distribution (T 1, no
    top-k); None where samples come from elsewhere."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the verifier says of one solution."""

    reward: float
    """0 or 1 for a binary verifier."""
    outcome: str
    """One of OUTCOMES."""
    answer: str | None
    """The extracted final answer, as written."""
    detail: str
    """Why, in a few words: the rule that decided, or what failed."""


def complete(verdict: Verdict, finish_reason: str) -> Verdict:
    """A solution cut off at max_new_tokens is `truncated` and earns nothing, whatever it holds."""
    if finish_reason != "length" or verdict.outcome in FAULTS:
        return verdict
    return replace(verdict, reward=0.0, outcome=TRUNCATED, detail=f"cut off; {verdict.detail}")


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A completion in `samples.parquet`, with its place."""

    problem_id: str
    sample_index: int
    """0 ..< N."""
    text: str
    num_tokens: int
    finish_reason: str
    logprob: float | None
    sample_id: str
    """Hash of problem_id, prompt, policy, sampling parameters, seed and sample_index."""


@dataclass(frozen=True, slots=True)
class ScoredRow(SampleRow):
    """A sample and its verdict, in `scored.parquet`."""

    answer: str | None
    reward: float
    outcome: str
    detail: str
    grader: str
    """Name and version of the verifier."""


@dataclass(frozen=True, slots=True)
class TrainRow:
    """One kept solution. `prompt` and `completion` are the columns any SFT trainer expects."""

    prompt: str
    completion: str
    weight: float
    problem_id: str
    sample_id: str
