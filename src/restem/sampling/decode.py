"""The loop over generated tokens, the same for every model: choose, stop, drop finished rows.

It needs of a model only the two protocols below; `llama.py` and `generic.py` fulfil them. Shapes: B
rows, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from restem.core.errors import EngineError
from restem.core.protocols import Request, Sampling, Shard
from restem.core.records import Completion
from restem.core.seeds import seed_for
from restem.sampling.noise import choose, uniforms
from restem.sampling.stops import StopFinder, decode

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

NO_NUMBERS = "the model's logits are no numbers; its training diverged. Lower train.lr."
DROP_SHARE = 1 / 32
"""Finished rows are computed along until they are this share of the batch, because dropping them
copies."""


class Batch(Protocol):
    """Rows that are being continued, with their keys and values."""

    def step(self, tokens_B: Tensor) -> Tensor:
        """Append one token to every row; logits [B, V] of the next."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Row i becomes what row rows[i] was; the others are forgotten. `rows` moves as few rows as
        possible: rows[i] is i, or one from behind the new end."""
        ...


class Network(Protocol):
    """A causal language model."""

    vocabulary: int
    """V, the size of the output."""
    device: str

    def start(self, prompts: list[list[int]], copies: list[int], room: int) -> tuple[Tensor, Batch]:
        """Logits [B, V] of the first token after `copies[i]` rows of prompt i each, in this order,
        and the rows. Every row can grow by `room` tokens."""
        ...


@dataclass
class Policy:
    """A loaded model folder."""

    network: Network
    tokenizer: PreTrainedTokenizerBase
    end_ids: tuple[int, ...]
    """Tokens that end a text."""
    context: int | None
    """Most tokens of prompt and completion together; None where the architecture has no limit."""
    stops: StopFinder


def complete_shard(policy: Policy, shard: Shard, sampling: Sampling) -> list[list[Completion]]:
    """completions[request][sample_index - first]. Raises: EngineError naming the shard."""
    try:
        return complete(policy, shard.requests, sampling)
    except (
        RuntimeError
    ) as error:  # torch reports exhausted memory and failures of a device this way
        reason = str(error).strip().splitlines()[0]
        raise EngineError(f"shard {shard.name}: {reason}") from error


def complete(
    policy: Policy, requests: Sequence[Request], sampling: Sampling
) -> list[list[Completion]]:
    """completions[request][sample_index - first], drawn as one batch.

    Raises: EngineError for a prompt that leaves no room, before any work; and for logits that are
    no numbers.
    """
    import torch

    prompts = encode(policy.tokenizer, policy.context, requests, sampling.max_new_tokens)
    copies = [r.last - r.first for r in requests]
    with torch.inference_mode():
        logits, batch = policy.network.start(prompts, copies, sampling.max_new_tokens)
        drafts = _Drafts(policy, requests, sampling)
        while drafts.extend(logits):
            if (rows := drafts.drop_finished()) is not None:
                batch.keep(rows)
            logits = batch.step(drafts.newest)
        done = iter(drafts.completions())
    return [[next(done) for _ in range(count)] for count in copies]


def encode(
    tokenizer: PreTrainedTokenizerBase,
    context: int | None,
    requests: Sequence[Request],
    room: int,
) -> list[list[int]]:
    """Token ids of the prompts, with the special tokens the tokenizer adds by itself (as in
    training).

    context: see Policy. room: most new tokens. Raises: EngineError for a prompt that is empty or
    leaves no room.
    """
    prompts: list[list[int]] = tokenizer([r.prompt for r in requests])["input_ids"]
    for request, ids in zip(requests, prompts, strict=True):
        if not ids:
            raise EngineError(
                f"problem {request.problem_id}: its prompt has no tokens. "
                "Look at column `prompt` of its table in data/problems."
            )
        if context is not None and len(ids) + room > context:
            raise EngineError(
                f"problem {request.problem_id}: {len(ids)} prompt tokens + max_new_tokens {room} "
                f"exceed the model's context of {context}. "
                "Lower max_new_tokens or data.few_shot in params.yaml."
            )
    return prompts


def common_prefix(prompts: list[list[int]]) -> list[int]:
    """Longest common prefix that leaves at least one token of every prompt."""
    low, high = min(prompts), max(prompts)
    limit, size = min(map(len, prompts)) - 1, 0
    while size < limit and low[size] == high[size]:
        size += 1
    return low[:size]


class _Drafts:
    """The texts of a batch while they grow. Vectors over all rows B, and over the `live` ones still
    being computed."""

    def __init__(self, policy: Policy, requests: Sequence[Request], sampling: Sampling) -> None:
        import torch

        self.policy, self.sampling = policy, sampling
        self.stops = [r.stop for r in requests for _ in range(r.first, r.last)]
        size, device = len(self.stops), policy.network.device
        ends = [i in policy.end_ids for i in range(policy.network.vocabulary)]
        self.ends_V = torch.tensor(ends, device=device)
        suspects = policy.stops.suspects(self.stops)
        self.suspects_V = None if suspects is None else suspects.to(device)

        self.tokens_B_T = torch.zeros(
            size, sampling.max_new_tokens, dtype=torch.int64, device=device
        )
        self.lengths_B = torch.full((size,), sampling.max_new_tokens, device=device)
        self.stopped_B = torch.zeros(size, dtype=torch.bool, device=device)
        self.logprobs_B = torch.zeros(size, dtype=torch.float64, device=device)
        self.texts: dict[int, str] = {}  # of rows that ended with a stop string

        self.step = self.num_done = 0
        self.live = torch.arange(size, device=device)
        self.done = self.stopped_B.clone()
        self.logprob = self.logprobs_B.clone()
        self.keys = torch.tensor(_keys(requests, sampling), device=device)
        self.newest = self.live  # the token appended last

    def extend(self, logits: Tensor) -> bool:
        """Append a token to every live row. False when no row needs another."""
        self.newest, gains = choose(logits, uniforms(self.keys, self.step), self.sampling)
        self.tokens_B_T[self.live, self.step] = self.newest
        self.logprob += gains
        self.step += 1
        ended = self.ends_V[self.newest] & ~self.done
        if self.suspects_V is not None:
            self._find_stops(ended, self.suspects_V[self.newest] & ~self.done & ~ended)
        fresh = ended.nonzero().squeeze(1)
        if len(fresh):
            self._record(fresh)
            self.stopped_B[self.live[fresh]] = True
        return self.num_done < len(self.live) and self.step < self.sampling.max_new_tokens

    def _find_stops(self, ended: Tensor, suspicious: Tensor) -> None:
        """Mark in `ended` the suspicious rows whose newest token completes a stop string, and keep
        their text."""
        at = suspicious.nonzero().squeeze(1)
        rows = self.live[at]
        drawn = self.tokens_B_T[rows, : self.step].tolist()
        for i, row, ids in zip(at.tolist(), rows.tolist(), drawn, strict=True):
            text = self.policy.stops.ended(ids, self.stops[row])
            if text is not None:
                self.texts[row] = text
                ended[i] = True

    def _record(self, fresh: Tensor) -> None:
        """Length and log-probability of live rows that need no further token."""
        rows = self.live[fresh]
        self.lengths_B[rows], self.logprobs_B[rows] = self.step, self.logprob[fresh]
        self.done[fresh] = True
        self.num_done += len(fresh)

    def drop_finished(self) -> Tensor | None:
        """Forget finished rows: the rows to keep, for Batch.keep; None while they are too few to
        bother."""
        import torch

        if self.num_done < DROP_SHARE * len(self.done):
            return None
        size = len(self.done) - self.num_done
        rows = torch.arange(size, device=self.done.device)
        holes = self.done[:size].nonzero().squeeze(1)
        rows[holes] = size + (~self.done[size:]).nonzero().squeeze(1)
        self.live, self.keys, self.logprob = self.live[rows], self.keys[rows], self.logprob[rows]
        self.newest, self.done, self.num_done = self.newest[rows], self.done[:size].zero_(), 0
        return rows

    def completions(self) -> list[Completion]:
        """One per row. Raises: EngineError if the model's logits were no numbers."""
        self._record((~self.done).nonzero().squeeze(1))
        columns = self.tokens_B_T, self.lengths_B, self.stopped_B, self.logprobs_B
        out = []
        for row, (ids, length, stopped, logprob) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True)
        ):
            if not math.isfinite(logprob):
                raise EngineError(NO_NUMBERS)
            text = self.texts.get(row)
            if text is None:
                text = decode(
                    self.policy.tokenizer, ids[: length - stopped]
                )  # without the end token
            out.append(Completion(text, length, "stop" if stopped else "length", logprob))
        return out


def _keys(requests: Sequence[Request], sampling: Sampling) -> list[int]:
    """What the noise of each row is a function of."""
    return [
        seed_for(sampling.seed, r.problem_id, index)
        for r in requests
        for index in range(r.first, r.last)
    ]
