"""Kept solutions as token ids, and the batches they are trained in.

A row is the prompt's ids as sampling encodes them, the ids of the solution and the end token.
Prompt and solution are encoded apart, because that is what the policy sees when it samples: the
prompt's ids are fixed, then it continues.
NOTE: a tokenizer that puts a space before every text (SentencePiece with a dummy prefix) does so
before the solution as well.

B rows of a batch, T tokens of its longest row.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restem.core.errors import DataError, EngineError
from restem.core.records import TrainRow
from restem.core.seeds import seed_for

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100  # label of a token that is no target; torch's cross_entropy knows it


@dataclass(frozen=True, slots=True)
class Example:
    """One row as token ids."""

    input_ids: list[int]
    """Prompt, solution, end token."""
    num_prompt: int
    """The first so many are the prompt, never a target."""
    weight: float
    problem_id: str

    @property
    def num_targets(self) -> int:
        return len(self.input_ids) - self.num_prompt


def encode(
    rows: Sequence[TrainRow], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> tuple[list[Example], int]:
    """Examples in the order of `rows`, and how many rows are longer than `max_length` tokens and
    therefore left out.

    A row of weight 0 counts for nothing and is left out without being counted.
    Raises: DataError if nothing is left, or a row has no prompt or no target; EngineError without
    an end token.
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
    return kept, len(examples) - len(kept)


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


class Batches:
    """A batch sampler: lists of row numbers of about `budget` tokens, like lengths together.

    The order is a function of (seed, epoch) alone. Rows of equal length change places from epoch to
    epoch, the lengths do not, so every epoch has the same number of batches.
    """

    def __init__(self, lengths: Sequence[int], budget: int, seed: int) -> None:
        self.lengths, self.budget, self.seed, self.epoch = lengths, budget, seed, 0
        self.num_batches = len(self.in_epoch(0))

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.in_epoch(self.epoch))

    def in_epoch(self, epoch: int) -> list[list[int]]:
        """All batches of an epoch; a row longer than the budget is alone in its batch."""
        rng = random.Random(seed_for(self.seed, "batches", epoch))
        order = sorted(range(len(self.lengths)), key=lambda row: (self.lengths[row], rng.random()))
        batches: list[list[int]] = []
        for row in order:
            if not batches or (len(batches[-1]) + 1) * self.lengths[row] > self.budget:
                batches.append([])
            batches[-1].append(row)
        rng.shuffle(batches)
        return batches


def collate(rows: Sequence[tuple[int, Example]], skip: int, pad: int) -> dict[str, object]:
    """A batch of numbered rows without their first `skip` tokens, padded on the right.

    input_ids (B, T); labels (B, T), IGNORED on prompt and padding; weights (B,); rows (B,), their
    numbers; target_weight, the sum of weight x targets; num_logits, the last positions that predict
    something.
    """
    import torch

    length = max(len(example.input_ids) for _, example in rows) - skip
    input_ids = torch.full((len(rows), length), pad)
    labels = torch.full((len(rows), length), IGNORED)
    for b, (_, example) in enumerate(rows):
        ids, start = torch.tensor(example.input_ids[skip:]), example.num_prompt - skip
        input_ids[b, : len(ids)] = ids
        labels[b, start : len(ids)] = ids[start:]
    return {
        "input_ids": input_ids,
        "labels": labels,
        "weights": torch.tensor([example.weight for _, example in rows]),
        "rows": torch.tensor([row for row, _ in rows]),
        "target_weight": sum(example.weight * example.num_targets for _, example in rows),
        "num_logits": length - min(example.num_prompt for _, example in rows) + skip + 1,
    }
