"""What is evaluated never reaches training: checked here, when the problems are made.

Three ways in which a problem of D can give away one that is evaluated, from strict to loose:

    exact    the same question, letter case and white space apart
    digits   the same up to the digits of numbers, as problems made from one template are
    ngram    13 words in a row in common; words are what white space separates

Each is one pass over the evaluated problems and one over D: time and memory grow with their number,
not with the number of pairs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil

from restem.core.errors import DataError
from restem.core.params import Overlap
from restem.core.records import Problem

TRAIN = "train"
WORDS = 13  # in a row; usual since GPT-3 (arXiv 2005.14165, appendix C)
EXAMPLES = 5

Splits = Mapping[str, Sequence[Problem]]
Keys = Callable[[str], Iterable[object]]
"""What a question is recognised by: two questions with a common key overlap."""
Table = dict[str, dict[str, dict[str, object]]]
"""For each evaluated set and measure: count, share (of the set), examples (pairs of problem_id)."""

_DIGITS = re.compile(r"\d+")
_OTHERS = re.compile(r"[\W_]+")
_HOW = {
    "exact": "word for word",
    "digits": "up to the digits of numbers",
    "ngram": f"in {WORDS} words in a row",
}


def normalised(question: str) -> str:
    """Letter case and white space do not make a question another one."""
    return " ".join(question.casefold().split())


def check(splits: Splits, allowed: Overlap) -> Table:
    """The table of overlaps of D with each evaluated set.

    Raises: DataError if an id occurs twice, two evaluated sets share a question, or a set overlaps
    with D by more than is allowed.
    """
    check_ids(splits)
    check_disjoint({split: problems for split, problems in splits.items() if split != TRAIN})
    table = overlaps(splits)
    check_overlaps(table, allowed)
    return table


def _letters(question: str) -> str:
    return _OTHERS.sub("", question.casefold())


def check_ids(splits: Splits) -> None:
    """No id twice anywhere. Raises: DataError."""
    ids: dict[str, str] = {}
    for split, problems in splits.items():
        for problem in problems:
            if problem.problem_id in ids:
                raise DataError(
                    f"problem_id {problem.problem_id} occurs twice "
                    f"({ids[problem.problem_id]}, {split})"
                )
            ids[problem.problem_id] = split


def check_disjoint(splits: Splits) -> None:
    """No id twice anywhere, and no question in two splits.

    Raises: DataError naming both problems.
    """
    check_ids(splits)
    questions: dict[str, tuple[str, str]] = {}
    for split, problems in splits.items():
        for problem in problems:
            other_id, other = questions.setdefault(
                normalised(problem.question), (problem.problem_id, split)
            )
            if other != split:
                raise DataError(
                    f"{problem.problem_id} ({split}) asks what {other_id} ({other}) asks; "
                    "a question may be in one split only. Remove one from the task's files."
                )


def without_exemplars(
    splits: Splits, exemplars: Iterable[str]
) -> tuple[dict[str, list[Problem]], list[str]]:
    """D and D_val without the problems that every prompt already works out, and the ids of these.

    exemplars: questions of the few-shot examples. For D and D_val their letters and digits alone
    count: copies of well-known examples have lost backslashes.
    Raises: DataError if one of them is a problem of another set, which it would give away.
    """
    listed = list(exemplars)
    kept: dict[str, list[Problem]] = {}
    removed: list[str] = []
    for split, problems in splits.items():
        key = _letters if split in (TRAIN, "val") else normalised
        known = {key(question) for question in listed}
        shown = {p.problem_id for p in problems if known and key(p.question) in known}
        if shown and split not in (TRAIN, "val"):
            raise DataError(
                f"{min(shown)} ({split}) is one of the few-shot examples, so the prompt holds its "
                "solution. Take it out of few_shot.jsonl."
            )
        kept[split] = [problem for problem in problems if problem.problem_id not in shown]
        removed += sorted(shown)
    return kept, removed


# ---- overlap


def overlaps(splits: Splits) -> Table:
    """How much of each evaluated set stands in D, too, by each of the three measures."""
    held_out = {split: problems for split, problems in splits.items() if split != TRAIN}
    flat = [problem for problems in held_out.values() for problem in problems]
    vocabulary: dict[str, int] = {}
    measures: dict[str, Keys] = {
        "exact": lambda question: [normalised(question)],
        "digits": lambda question: [_DIGITS.sub("0", normalised(question))],
        "ngram": lambda question: _ngrams(question, vocabulary),
    }
    table: Table = {split: {} for split in held_out}
    for measure, keys in measures.items():
        found = _first_partners(keys, flat, splits.get(TRAIN, ()))
        start = 0
        for split, problems in held_out.items():
            pairs = [
                [problem.problem_id, found[start + place]]
                for place, problem in enumerate(problems)
                if start + place in found
            ]
            start += len(problems)
            share = round(len(pairs) / len(problems), 6) if problems else 0.0
            table[split][measure] = {
                "count": len(pairs), "share": share, "examples": pairs[:EXAMPLES]
            }  # fmt: skip
    return table


def _ngrams(question: str, vocabulary: dict[str, int]) -> set[int]:
    """A hash of each 13 words in a row; `vocabulary` numbers the words, so runs agree."""
    words = [vocabulary.setdefault(word, len(vocabulary)) for word in question.casefold().split()]
    return {hash(tuple(words[k : k + WORDS])) for k in range(len(words) - WORDS + 1)}


def _first_partners(
    keys: Keys, held_out: Sequence[Problem], train: Sequence[Problem]
) -> dict[int, str]:
    """Place of each held-out problem that has a key in common with one of D: the id of the first.

    A key that was met is done with, so that a phrase in every problem costs no more than others.
    """
    holders: dict[object, int] = {}  # the first problem with this key
    others: dict[object, list[int]] = defaultdict(list)  # and those after it: few keys have any
    for place, problem in enumerate(held_out):
        for key in keys(problem.question):
            if holders.setdefault(key, place) != place:
                others[key].append(place)
    found: dict[int, str] = {}
    for problem in train:
        for key in keys(problem.question):
            if key in holders:
                for place in (holders.pop(key), *others.pop(key, ())):
                    found.setdefault(place, problem.problem_id)
    return found


def check_overlaps(table: Table, allowed: Overlap) -> None:
    """Raises: DataError naming set, measure, share, the first pair and the parameter to raise."""
    limits = {"exact": allowed.exact, "digits": allowed.digits, "ngram": allowed.ngram}
    for split, measures in table.items():
        for measure, limit in limits.items():
            found = measures[measure]
            share, examples = found["share"], found["examples"]
            assert isinstance(share, float)
            assert isinstance(examples, list)
            if share > limit:
                raise DataError(
                    f"{found['count']} problems of {split} ({share:.2%}) agree {_HOW[measure]} "
                    f"with problems of D, the first is {examples[0][0]} with {examples[0][1]}; "
                    f"data.max_overlap.{measure} allows {limit:.2%} (params.yaml). Take them out "
                    f"of the training file, or raise it to {ceil(share * 100) / 100:g}."
                )
