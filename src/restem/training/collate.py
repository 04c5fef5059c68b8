"""Rows as tensors, and the mask that keeps the solutions behind a prompt apart.

A row is a tree: its prompt is the trunk, every solution a branch. A token sees the trunk and what
is before it in its own branch, at the positions it would have if its branch stood alone, so loss
and gradients are those of one row per solution while the prompt is computed once.

B rows, T tokens of the longest, K positions whose logits are needed, N targets, P tokens of a
prefix all rows share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from restem.training.dataset import Row

if TYPE_CHECKING:
    import torch

TRUNK, PADDING = 0, -1  # segments; the branches are 1, 2, ...


def collate(rows: Sequence[Row], skip: int, pad: int, normalize: str) -> dict[str, torch.Tensor]:
    """Rows without their first `skip` tokens, padded on the right. None gives a row that
    has no target.

    input_ids (B, T); where a row has several solutions segments and positions (B, T); keep (K,),
    ascending; of every target: source (N, 2), its row and the place in `keep` of what predicts it,
    targets (N,), weights (N,); real, the number of tokens that are no padding.
    """
    import torch

    length = max((row.length for row in rows), default=skip + 1) - skip
    shape = (max(1, len(rows)), length)
    tensors = {
        "input_ids": torch.full(shape, pad),
        "segments": torch.full(shape, PADDING),
        "positions": torch.zeros(shape, dtype=torch.long),
    }
    sources: list[tuple[int, int]] = []
    targets: list[int] = []
    weights: list[float] = []
    for b, row in enumerate(rows):
        ids, segments, positions = _laid_out(row)
        for name, values in (("input_ids", ids), ("segments", segments), ("positions", positions)):
            tensors[name][b, : row.length - skip] = torch.tensor(values[skip:])
        sources += [(b, at - skip) for at in _predictors(row)]
        targets += ids[len(row.prompt) :]
        weights += _weights(row, normalize)
    if all(len(row.solutions) == 1 for row in rows):
        del tensors["segments"], tensors["positions"]  # what a causal model does by itself
    keep = sorted({at for _, at in sources}) or [0]
    places = {at: place for place, at in enumerate(keep)}
    return {
        **tensors,
        "keep": torch.tensor(keep),
        "source": torch.tensor([(b, places[at]) for b, at in sources]).reshape(-1, 2),
        "targets": torch.tensor(targets, dtype=torch.long),
        "weights": torch.tensor(weights, dtype=torch.float32),
        "real": torch.tensor(sum(row.length - skip for row in rows)),
    }


def _laid_out(row: Row) -> tuple[list[int], list[int], list[int]]:
    """Ids, segments and positions of a row's tokens."""
    start = len(row.prompt)
    ids, segments, positions = list(row.prompt), [TRUNK] * start, list(range(start))
    for branch, solution in enumerate(row.solutions, 1):
        ids += solution
        segments += [branch] * len(solution)
        positions += range(start, start + len(solution))
    return ids, segments, positions


def _predictors(row: Row) -> list[int]:
    """For every target, the place in the row of the token before it: a solution's first one
    follows the prompt."""
    found, start = [], len(row.prompt)
    for solution in row.solutions:
        found += [len(row.prompt) - 1, *range(start, start + len(solution) - 1)]
        start += len(solution)
    return found


def _weights(row: Row, normalize: str) -> list[float]:
    """Of every target, to be divided by the sum of `Row.mass` over the update."""
    found: list[float] = []
    for solution, weight in zip(row.solutions, row.weights, strict=True):
        found += [weight if normalize == "token" else weight / len(solution)] * len(solution)
    return found


def tree_mask(segments_BT: torch.Tensor, num_prefix: int) -> torch.Tensor:
    """Which keys a query may see (B, 1, T, P + T), true where it may: the prefix, the trunk and its
    own branch, up to itself."""
    import torch

    seen = sees(segments_BT[:, :, None], segments_BT[:, None, :])
    mask_BTT = seen & torch.ones_like(seen[0]).tril()
    prefix = mask_BTT.new_ones((*segments_BT.shape, num_prefix))
    return torch.cat([prefix, mask_BTT], dim=-1)[:, None]


def sees(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Whether a token of one segment may see an earlier one of another."""
    return (query == key) | (key == TRUNK)


def flex_mask(segments_BT: torch.Tensor, num_prefix: int) -> object:
    """The same as blocks, for FlexAttention; what is kept of it grows with T, not with T x T."""
    import torch
    from torch.nn.attention.flex_attention import create_block_mask

    def seen(b: torch.Tensor, _: object, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        at = (k - num_prefix).clamp(min=0)
        own = sees(segments_BT[b, q], segments_BT[b, at]) & (at <= q)
        return torch.where(k < num_prefix, torch.ones_like(own), own)

    B, T = segments_BT.shape
    return create_block_mask(seen, B, None, T, num_prefix + T, device=segments_BT.device.type)
