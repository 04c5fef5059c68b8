"""The M-step's objective: weighted negative log-likelihood of the solutions' tokens.

Source: arXiv 2312.06585, eq. (2) and algorithm 1: expectation of r(x, y) log p(y | x) over the
E-step's samples.

B rows, T tokens of the longest, K positions whose logits are needed, N targets, P tokens of the
shared prefix, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from restem.training.collate import collate, flex_mask, tree_mask
from restem.training.dataset import Row

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

BRANCHING = ("sdpa", "flex_attention")  # kinds of attention that take a mask of our own


def weighted_nll(
    model: PreTrainedModel,
    batch: Mapping[str, torch.Tensor],
    prefix: Sequence[int],
    attention: str = "sdpa",
) -> torch.Tensor:
    """Sum over the batch's targets of weight x negative log-likelihood (a scalar with a graph).

    `prefix` stands before every row of `batch` (see `collate`): its keys and values are computed
    once and repeated over the rows inside the graph, so loss and gradients are those of the whole
    rows. Padding is on the right of causal rows and needs no mask.

    The caller divides by the update's sum of weights (x targets, for a mean over tokens). With that
    denominator a row of weight 2 is the row twice, and a row of weight 0 is none.
    NOTE: weights therefore count relative to the others of their update.
    """
    nll_N = token_nll(model, batch, prefix, attention)
    if not len(batch["targets"]):
        return nll_N.sum() * 0  # a gradient for every weight, as processes expect
    return (nll_N * batch["weights"]).sum()


def token_nll(
    model: PreTrainedModel,
    batch: Mapping[str, torch.Tensor],
    prefix: Sequence[int],
    attention: str,
) -> torch.Tensor:
    """Negative log-likelihood of every target (N,); of a batch without targets, some logits."""
    from torch.nn.functional import cross_entropy

    input_ids_BT, source_N2 = batch["input_ids"], batch["source"]
    cache = None
    if prefix:
        prefix_1P = input_ids_BT.new_tensor([prefix])
        cache = model(input_ids=prefix_1P, use_cache=True, logits_to_keep=1).past_key_values
        cache.batch_repeat_interleave(len(input_ids_BT))
    logits_BKV = model(
        input_ids=input_ids_BT, past_key_values=cache, use_cache=bool(prefix),
        logits_to_keep=batch["keep"], **_branches(batch, len(prefix), attention),
    ).logits  # fmt: skip
    if not len(source_N2):
        return logits_BKV.float().flatten()
    chosen_NV = logits_BKV[source_N2[:, 0], source_N2[:, 1]].float()
    return cross_entropy(chosen_NV, batch["targets"], reduction="none")


def _branches(
    batch: Mapping[str, torch.Tensor], num_prefix: int, attention: str
) -> dict[str, object]:
    """What keeps solutions in one row apart."""
    if "segments" not in batch:
        return {}
    mask = flex_mask if attention == "flex_attention" else tree_mask
    return {
        "position_ids": batch["positions"],
        "attention_mask": mask(batch["segments"], num_prefix),
    }


def has_plain_cache(model: PreTrainedModel) -> bool:
    """Whether every layer attends to all earlier tokens: no sliding window, no recurrent state."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    if not model._supports_default_dynamic_cache():
        return False
    layers = DynamicCache(config=model.config).layers
    return all(type(layer) is DynamicLayer for layer in layers)


def can_branch(model: PreTrainedModel, attention: str, tolerance: float = 3e-4) -> bool:
    """Whether the loss of solutions that share a row is that of rows of their own.

    It is tried out, for models differ in what they make of positions and masks; but not with
    weights that are spread over processes (ZeRO-3), which a single process cannot use.
    """
    if attention not in BRANCHING or not has_plain_cache(model):
        return False
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return False
    spread = any(hasattr(weight, "ds_id") for weight in model.parameters())
    return spread or _is_exact(model, attention, tolerance)


def _is_exact(model: PreTrainedModel, attention: str, tolerance: float) -> bool:
    """Whether it is, for every token of two solutions, long enough to tell positions apart.

    tolerance: rounding of a token's negative log-likelihood; wrong positions change it by more.
    """
    import torch

    size = model.config.get_text_config().vocab_size
    trunk, *branches = ([(7 + 13 * i * (k + 3)) % size for i in range(24)] for k in range(3))
    together = Row(trunk, tuple(branches), (1.0, 1.0), "")
    apart = [Row(trunk, (branch,), (1.0,), "") for branch in branches]
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            one, other = (
                token_nll(model, _on(model, collate(rows, 0, 0, "token")), [], attention)
                for rows in ([together], apart)
            )
    except (ValueError, TypeError, RuntimeError, AttributeError, IndexError):
        return False  # it cannot take such a mask at all
    finally:
        model.train(was_training)
    return bool(torch.allclose(one, other, rtol=0, atol=tolerance))


def _on(model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.to(model.device) for name, tensor in batch.items()}
