"""What today's grader says of iterations that were scored before. Nothing in the pipeline changes.

Run it after changing a grader and before `dvc repro` trains on new verdicts: it shows which flip.
(`dvc repro` scores again by itself, because data/code/score.txt names the files it runs.)

examples
  python -m restem regrade                      every scored iteration: counts of flips
  python -m restem regrade 1 --diff             and each flip of iteration 1
  python -m restem regrade 2 --ledger l.jsonl   every verdict, with how it came about and the time
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from restem.core import layout, plugins, storage
from restem.core import params as params_file
from restem.core.errors import DataError, ParamsError
from restem.core.judging import reward_name
from restem.core.progress import Progress
from restem.core.protocols import Reward
from restem.core.ranges import MAX_ITERS
from restem.core.records import Problem, Verdict, complete
from restem.core.scratch import write_atomically
from restem.core.storage import Row
from restem.evaluation.markup import printable
from restem.rewards.ledger import normal_form

ROWS_PER_PART = 2048
IDLE = b"idle\n"
LOOP = tuple(str(k) for k in range(1, MAX_ITERS + 1))
Problems = Mapping[str, Problem]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A scored row and what today's grader says of it."""

    row: Row
    verdict: Verdict
    ms: float | None
    """Measured if a ledger is wanted; the same for rows with the same problem and text."""

    @property
    def old(self) -> str:
        return str(self.row["outcome"])

    @property
    def flips(self) -> bool:
        return self.old != self.verdict.outcome or self.loses or self.gains

    @property
    def rewarded(self) -> bool:
        """By the old grader."""
        return float(str(self.row["reward"])) > 0

    @property
    def loses(self) -> bool:
        return self.rewarded and not self.verdict.reward > 0

    @property
    def gains(self) -> bool:
        return self.verdict.reward > 0 and not self.rewarded


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("iterations", metavar="K", nargs="*", help="default: all that are scored")
    parser.add_argument("--diff", action="store_true", help="show each flip")
    parser.add_argument("--limit", type=int, default=20, help="flips to show (20; 0 for all)")
    parser.add_argument("--ledger", metavar="FILE.jsonl", type=Path,
                        help="write every verdict; judges one by one, to measure its time, so it "
                        "takes longer, and one may carry the start of the workers")  # fmt: skip


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Lines to show. Raises: DataError, ParamsError, SandboxError."""
    values = params_file.load()
    iterations = _iterations(arguments.iterations)
    problems = {p.problem_id: p for p in storage.read_problems(layout.problems("train"))}
    module = plugins.load("reward", reward_name(values.reward, problems.values()))
    ledger: list[str] = []
    with module.open_reward(values.score, values.machine) as reward:
        for name in iterations:
            rows = _rows(name, problems)
            judged = _judge(name, rows, problems, reward, arguments.ledger is not None)
            yield from _told(name, judged, reward.grader)
            if arguments.diff:
                yield from _flips(judged, problems, arguments.limit)
            if arguments.ledger:
                ledger += [_line(name, one, problems, reward.grader) for one in judged]
    if arguments.ledger:
        write_atomically(arguments.ledger, "".join(ledger).encode("ascii"))
        yield f"{len(ledger):,} verdicts -> {arguments.ledger}"


# ---- what is judged


def _iterations(asked: Sequence[str]) -> list[str]:
    """Raises: ParamsError for an unknown number, DataError for one that was not scored."""
    for name in asked:
        if name not in LOOP:
            raise ParamsError(f"iterations are {', '.join(LOOP)}, got {name!r}.")
    if asked:
        return list(dict.fromkeys(asked))
    scored = [name for name in LOOP if _is_scored(name)]
    if not scored:
        raise DataError("no iteration is scored here. `dvc repro` scores, `dvc pull` fetches.")
    return scored


def _is_scored(name: str) -> bool:
    path = layout.scored(name)
    return path.is_file() and path.read_bytes()[: len(IDLE)] != IDLE


def _rows(name: str, problems: Problems) -> list[Row]:
    """Raises: DataError for an idle iteration, a broken file, or rows of other problems."""
    path = layout.scored(name)
    if path.is_file() and not _is_scored(name):
        raise DataError(f"{path} is empty: this iteration is idle (params.yaml, iters).")
    rows = storage.read_rows("scored", path)
    if unknown := {str(row["problem_id"]) for row in rows} - problems.keys():
        raise DataError(
            f"{path}: {len(unknown)} problems are not in {layout.problems('train')}, the first is "
            f"{min(unknown)}. `dvc repro` makes both anew."
        )
    return rows


def _judge(
    name: str, rows: Sequence[Row], problems: Problems, reward: Reward, timed: bool
) -> list[_Judged]:
    """Every row once more, in order."""
    judged: list[_Judged] = []
    known: dict[tuple[str, str], tuple[Verdict, float]] = {}
    with Progress(f"regrade@{name}", len(rows), "samples") as bar:
        for start in range(0, len(rows), ROWS_PER_PART):
            part = rows[start : start + ROWS_PER_PART]
            found: list[tuple[Verdict, float | None]]
            if timed:
                found = [_timed(row, problems, reward, known) for row in part]
            else:
                asked = [problems[str(row["problem_id"])] for row in part]
                texts = [str(row["text"]) for row in part]
                found = [(verdict, None) for verdict in reward.score(asked, texts)]
            for row, (verdict, ms) in zip(part, found, strict=True):
                whole = complete(verdict, str(row["finish_reason"]))
                judged.append(_Judged(row, whole, ms))
            bar.advance(len(part), f"{sum(one.flips for one in judged)} flips")
    return judged


def _timed(
    row: Row,
    problems: Problems,
    reward: Reward,
    known: dict[tuple[str, str], tuple[Verdict, float]],
) -> tuple[Verdict, float]:
    """The verdict and its milliseconds; each distinct problem and text is judged once."""
    problem, text = problems[str(row["problem_id"])], str(row["text"])
    key = problem.gold, text
    if key not in known:
        started = time.perf_counter()
        (verdict,) = reward.score([problem], [text])
        known[key] = verdict, 1000 * (time.perf_counter() - started)
    return known[key]


# ---- what is told


def _told(name: str, judged: Sequence[_Judged], grader: str) -> Iterator[str]:
    """Graders, flips by outcome, and what the training set would lose."""
    before = sorted({str(one.row["grader"]) for one in judged})
    flips = Counter((one.old, one.verdict.outcome) for one in judged if one.flips)
    yield f"iteration {name}: {' and '.join(before) or 'no grader'} -> {grader}"
    yield f"  {len(judged):,} samples, {flips.total():,} verdicts flip"
    for (old, new), count in flips.most_common():
        yield f"  {old:>14} -> {new:<14}{count:>8,}"
    kept = {str(row["sample_id"]) for row in _kept(name)}
    lost = sum(str(one.row["sample_id"]) in kept and one.loses for one in judged)
    gained = sum(one.gains for one in judged)
    yield (
        f"  {lost:,} of {len(kept):,} kept training rows lose their reward; "
        f"{gained:,} samples gain one"
    )


def _kept(name: str) -> list[Row]:
    """The training rows made of an iteration; none where it is not filtered yet."""
    path = layout.train_rows(name)
    return storage.read_rows("train", path) if path.is_file() else []


def _flips(judged: Sequence[_Judged], problems: Problems, limit: int) -> Iterator[str]:
    flips = [one for one in judged if one.flips]
    shown = flips[:limit] if limit > 0 else flips
    for one in shown:
        row, verdict = one.row, one.verdict
        yield printable(
            f"  {row['problem_id']} sample {row['sample_index']}: {one.old} -> {verdict.outcome}; "
            f"answer {_short(row['answer'])} -> {_short(verdict.answer)}, "
            f"gold {_short(problems[str(row['problem_id'])].gold)}; "
            f"{row['detail']} -> {verdict.detail}"
        )
    if len(shown) < len(flips):
        yield f"  and {len(flips) - len(shown):,} more (--limit 0 for all)"


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:80]}…"


def _line(name: str, one: _Judged, problems: Problems, grader: str) -> str:
    """A row of the ledger."""
    verdict, problem = one.verdict, problems[str(one.row["problem_id"])]
    line = {"iteration": int(name), "problem_id": problem.problem_id,
            "sample_index": one.row["sample_index"], "answer": verdict.answer,
            "normal": normal_form(problem, verdict.answer), "outcome": verdict.outcome,
            "detail": verdict.detail, "ms": None if one.ms is None else round(one.ms, 4),
            "grader": grader}  # fmt: skip
    return f"{json.dumps(line)}\n"
