"""The M-step's objective: weighted negative log-likelihood of the solutions' tokens.

Source: arXiv 2312.06585, eq. (2) and algorithm 1: expectation of r(x, y) log p(y | x) over the
E-step's samples.

B rows of a batch, T tokens of its longest row, P tokens of the shared prefix, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from restem.training.dataset import IGNORED

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


def weighted_nll(
    model: PreTrainedModel, batch: Mapping[str, torch.Tensor], prefix: Sequence[int]
) -> torch.Tensor:
    """Sum over the batch's targets of weight x negative log-likelihood (a scalar with a graph).

    `prefix` stands before every row of `batch` (see `dataset.collate`): its keys and values are
    computed once and repeated over the rows inside the graph, so loss and gradients are those of
    the whole rows. Padding is on the right of causal rows and needs no mask.

    The caller divides by the sum of weight x targets. With that denominator a row of weight 2 is
    the row twice, and a row of weight 0 is none.
    NOTE: weights therefore count relative to the others of their batch.
    """
    from torch.nn.functional import cross_entropy

    input_ids_BT, labels_BT, last = batch["input_ids"], batch["labels"], batch["num_logits"]
    cache = None
    if prefix:
        prefix_1P = input_ids_BT.new_tensor([prefix])
        cache = model(input_ids=prefix_1P, use_cache=True, logits_to_keep=1).past_key_values
        cache.batch_repeat_interleave(len(input_ids_BT))
    logits_BTV = model(
        input_ids=input_ids_BT, past_key_values=cache, use_cache=bool(prefix), logits_to_keep=last
    ).logits
    targets_BT = labels_BT[:, 1 - last :]
    chosen_BT = targets_BT != IGNORED
    nll = cross_entropy(
        logits_BTV[:, -last:-1][chosen_BT].float(), targets_BT[chosen_BT], reduction="none"
    )
    return (nll * batch["weights"][:, None].expand_as(targets_BT)[chosen_BT]).sum()


def can_share(model: PreTrainedModel, prefix: Sequence[int]) -> bool:
    """Whether the keys and values of `prefix` can be computed once for all rows.

    The model must cache plain keys and values (no sliding window, no recurrent state), and gradient
    checkpointing, which forbids the cache, must be off.
    """
    import torch
    from transformers.cache_utils import DynamicCache, DynamicLayer

    if not prefix or model.is_gradient_checkpointing or not model._supports_default_dynamic_cache():
        return False
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        ids = torch.tensor([prefix[:2]], device=model.device)
        cache = model(input_ids=ids, use_cache=True).get("past_key_values")
    model.train(was_training)
    return isinstance(cache, DynamicCache) and all(
        type(layer) is DynamicLayer for layer in cache.layers
    )
