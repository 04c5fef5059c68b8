"""Kept solutions as token ids, and the rows they stand in.

An example is the prompt's ids as sampling encodes them, the ids of the solution and the end token.
Prompt and solution are encoded apart, because that is what the policy sees when it samples: the
prompt's ids are fixed, then it continues. A row is one copy of a prompt with one or more of its
solutions behind it; see `collate` for how they are kept apart.
NOTE: a tokenizer that puts a space before every text (SentencePiece with a dummy prefix) does so
before the solution as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restem.core.errors import DataError, EngineError
from restem.core.records import TrainRow

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Example:
    """One solution behind its prompt, as token ids."""

    input_ids: list[int]
    """Prompt, solution, end token."""
    num_prompt: int
    """The first so many are the prompt, never a target."""
    weight: float
    problem_id: str

    @property
    def num_targets(self) -> int:
        return len(self.input_ids) - self.num_prompt


@dataclass(frozen=True, slots=True)
class Row:
    """Solutions of one problem behind one copy of their prompt."""

    prompt: list[int]
    solutions: tuple[list[int], ...]
    """Each ends with the end token."""
    weights: tuple[float, ...]
    problem_id: str

    @property
    def length(self) -> int:
        """In tokens."""
        return len(self.prompt) + sum(map(len, self.solutions))

    def mass(self, normalize: str) -> float:
        """What the row adds to the denominator of the loss: weights, times tokens for `token`."""
        per_token = normalize == "token"
        return sum(
            weight * (len(ids) if per_token else 1)
            for ids, weight in zip(self.solutions, self.weights, strict=True)
        )


def encode(
    rows: Sequence[TrainRow],
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    max_overlong: float = 1.0,
) -> tuple[list[Example], int]:
    """Examples in the order of `rows`, and how many rows are longer than `max_length` tokens and
    therefore left out: a solution without its end would teach not to end.

    A row of weight 0 counts for nothing and is left out without being counted.
    Raises: DataError if nothing is left, if more than a share of `max_overlong` is too long, or if
    a row has no prompt or no target; EngineError without an end token.
    """
    if tokenizer.eos_token_id is None:
        raise EngineError(
            "the tokenizer has no eos_token, so a solution could not end. "
            "Set eos_token in its tokenizer_config.json."
        )
    used = [row for row in rows if _checked_weight(row) > 0]
    if not used:
        raise DataError("no solutions to train on. Draw more samples (samples_per_problem).")
    prompts = list(dict.fromkeys(row.prompt for row in used))
    prompt_ids = dict(zip(prompts, tokenizer(prompts)["input_ids"], strict=True))
    solutions = tokenizer([row.completion for row in used], add_special_tokens=False)["input_ids"]
    examples = [
        _example(row, prompt_ids[row.prompt], ids, tokenizer.eos_token_id)
        for row, ids in zip(used, solutions, strict=True)
    ]
    kept = [example for example in examples if len(example.input_ids) <= max_length]
    if not kept:
        longest = max(len(example.input_ids) for example in examples)
        raise DataError(
            f"all {len(examples)} solutions, with their prompts, exceed {max_length} tokens; "
            f"the longest has {longest}. Set train.max_length to {longest} (params.yaml), "
            "or take a model with more positions."
        )
    num_overlong = len(examples) - len(kept)
    if num_overlong / len(examples) > max_overlong:
        longest = max(len(example.input_ids) for example in examples)
        raise DataError(
            f"{num_overlong} of {len(examples)} solutions, with their prompts, exceed {max_length} "
            f"tokens; train.max_overlong allows a share of {max_overlong:g}. Set train.max_length "
            f"to {longest} for all of them, or raise train.max_overlong (params.yaml)."
        )
    return kept, num_overlong


def _checked_weight(row: TrainRow) -> float:
    if not (math.isfinite(row.weight) and row.weight >= 0):
        raise DataError(f"{row.problem_id}: weight must be finite and >= 0, got {row.weight}")
    return row.weight


def _example(row: TrainRow, prompt: list[int], solution: list[int], eos: int) -> Example:
    if not prompt:
        raise DataError(
            f"{row.problem_id}: the prompt has no tokens to predict the solution's first one from"
        )
    if not solution:
        raise DataError(
            f"{row.problem_id}: solution {row.sample_id!r} has no tokens to learn; leave it out"
        )
    return Example([*prompt, *solution, eos], len(prompt), row.weight, row.problem_id)


def shared_prefix(examples: Sequence[Example]) -> list[int]:
    """The longest run of tokens all prompts begin with; each keeps at least its last token, which
    predicts the first token of the solution."""
    prompts = [example.input_ids[: example.num_prompt - 1] for example in examples]
    low, high = min(prompts), max(prompts)  # what these two share, all between them share
    pairs = enumerate(zip(low, high, strict=False))
    return low[: next((i for i, (a, b) in pairs if a != b), len(low))]


def into_rows(examples: Sequence[Example], max_length: int, share: bool) -> list[Row]:
    """Rows in the order of their first examples; with `share`, the solutions of a prompt stand in
    as few rows of at most `max_length` tokens as filling them in order gives."""
    by_prompt: dict[object, list[Example]] = {}
    for number, example in enumerate(examples):
        key = tuple(example.input_ids[: example.num_prompt]) if share else number
        by_prompt.setdefault(key, []).append(example)
    return [row for group in by_prompt.values() for row in _rows_of(group, max_length)]


def _rows_of(group: Sequence[Example], max_length: int) -> list[Row]:
    """Rows of examples with the same prompt."""
    num_prompt = group[0].num_prompt
    parts: list[list[Example]] = [[]]
    length = num_prompt
    for example in group:
        if parts[-1] and length + example.num_targets > max_length:
            parts.append([])
            length = num_prompt
        parts[-1].append(example)
        length += example.num_targets
    return [
        Row(
            part[0].input_ids[:num_prompt],
            tuple(example.input_ids[num_prompt:] for example in part),
            tuple(example.weight for example in part),
            part[0].problem_id,
        )
        for part in parts
    ]
