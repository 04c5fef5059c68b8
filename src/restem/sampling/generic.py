"""Any causal language model that transformers loads: its own forward pass and cache, with the same
interface as `llama.py`.

Prompts are padded on the left. Where every layer attends to everything, the common prefix of the
prompts is computed once; models with sliding windows or recurrent layers, for which padding inside
the context would count, compute whole prompts. Shapes: B rows, T tokens, P prefix, G prompts.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restem.core.errors import EngineError
from restem.sampling.decode import common_prefix

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel
    from transformers.cache_utils import Cache


class Generic:
    """A `Network` (decode.py) over a transformers model."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Raises: EngineError for an architecture that keeps no keys and values."""
        output = model.get_output_embeddings()
        self.model, self.device = model, str(model.device)
        self.vocabulary: int = (
            model.config.get_text_config().vocab_size if output is None else output.weight.shape[0]
        )
        self.accepts = set(inspect.signature(model.forward).parameters)
        if "past_key_values" not in self.accepts:
            raise EngineError(
                f"engine hf cannot continue texts with {type(model).__name__}: "
                "it takes no past_key_values. Use a model with attention layers."
            )

    def start(
        self, prompts: list[list[int]], copies: list[int], room: int
    ) -> tuple[Tensor, GenericRows]:
        """See decode.Network."""
        import torch
        from transformers.cache_utils import DynamicCache

        cache = DynamicCache(config=self.model.config)
        prefix = common_prefix(prompts) if self._may_share(cache) else []
        rest = [p[len(prefix) :] for p in prompts]
        longest = max(map(len, rest))
        ids = torch.tensor([[0] * (longest - len(r)) + list(r) for r in rest], device=self.device)
        mask = torch.ones(len(rest), len(prefix) + longest + room, dtype=torch.int64)
        for row, r in zip(mask, rest, strict=True):
            row[len(prefix) : len(prefix) + longest - len(r)] = 0
        mask = mask.to(self.device)
        if prefix:
            self.forward(torch.tensor([prefix], device=self.device), mask[:1, : len(prefix)], cache)
            cache.reorder_cache(torch.zeros(len(rest), dtype=torch.int64, device=self.device))
        end = len(prefix) + longest
        logits = self.forward(ids, mask[:, :end], cache)
        at = torch.arange(len(rest)).repeat_interleave(torch.tensor(copies)).to(self.device)
        cache.reorder_cache(at)
        return logits[at], GenericRows(self, cache, mask[at], end)

    def _may_share(self, cache: Cache) -> bool:
        """Whether padding between a common prefix and the rest of a prompt is as if it were not
        there."""
        from transformers.cache_utils import DynamicLayer

        return "position_ids" in self.accepts and all(
            type(layer) is DynamicLayer for layer in cache.layers
        )

    def forward(self, ids_BT: Tensor, mask: Tensor, cache: Cache) -> Tensor:
        """Logits [B, V] after the last of these tokens, whose keys and values are appended to the
        cache.

        mask: of everything in the cache and these tokens, 0 at padding.
        """
        options: dict[str, object] = {}
        if "position_ids" in self.accepts:
            options["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)[:, -ids_BT.shape[1] :]
        if "logits_to_keep" in self.accepts:
            options["logits_to_keep"] = 1
        output = self.model(
            input_ids=ids_BT, attention_mask=mask, past_key_values=cache, use_cache=True, **options
        )
        return output.logits[:, -1]


@dataclass
class GenericRows:
    """A `Batch` (decode.py): rows with one cache of transformers."""

    network: Generic
    cache: Cache
    mask: Tensor
    """[B, room for all tokens], 0 at padding."""
    end: int
    """Columns in use."""

    def step(self, tokens_B: Tensor) -> Tensor:
        """See decode.Batch."""
        self.end += 1
        return self.network.forward(tokens_B[:, None], self.mask[:, : self.end], self.cache)

    def keep(self, rows: Tensor) -> None:
        """See decode.Batch."""
        self.cache.reorder_cache(rows)
        self.mask = self.mask[rows]
