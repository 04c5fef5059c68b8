"""The fast path: plain Llama weights, with keys and values of a prompt computed once for all its
samples.

What the prompts of a batch have in common (the few-shot examples, as the longest common prefix of
*tokens*) is computed once for all of them, the rest of a prompt once for all samples of its
problem. Finished rows are dropped in place. Logits equal those of transformers up to rounding.
Rotary halves are stored interleaved, so that rotating is one complex product; the scale of the
scores is part of the query weights.

Shapes: B rows, T tokens, P prefix, H heads, K key-value heads, D head dimension, C room of the
cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restem.sampling.decode import common_prefix

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]


def is_plain_llama(model: PreTrainedModel) -> bool:
    """Whether `Llama` computes what this model does: nothing beyond the architecture of Llama 2, in
    float32."""
    import torch

    c = model.config
    return (
        type(model).__name__ == "LlamaForCausalLM"
        and not (c.attention_bias or c.mlp_bias)
        and c.hidden_act == "silu"
        and c.rope_parameters["rope_type"] == "default"
        and c.rope_parameters.get("partial_rotary_factor", 1) == 1
        and getattr(c, "sliding_window", None) is None
        and all(p.dtype == torch.float32 for p in model.parameters())
    )


class Llama:
    """A `Network` (decode.py) over the weights of a LlamaForCausalLM."""

    def __init__(self, model: PreTrainedModel) -> None:
        import torch

        c = model.config
        self.vocabulary, self.device = c.vocab_size, str(model.device)
        self.heads, self.kv_heads, self.dim = (
            c.num_attention_heads,
            c.num_key_value_heads,
            c.head_dim,
        )
        self.eps, self.context = c.rms_norm_eps, c.max_position_embeddings
        self.embedding = model.model.embed_tokens.weight.detach()
        self.norm = model.model.norm.weight.detach()
        self.output = _transposed(model.lm_head.weight)
        self.layers = [self._layer(layer) for layer in model.model.layers]
        positions = torch.arange(self.context, device=self.device, dtype=torch.float32)
        angles = torch.outer(positions, model.model.rotary_emb.inv_freq.float())
        self.turns = torch.polar(torch.ones_like(angles), angles)

    def _layer(self, layer: object) -> tuple[Tensor, ...]:
        a, m = layer.self_attn, layer.mlp  # type: ignore[attr-defined]  # a LlamaDecoderLayer
        query = _interleaved(a.q_proj.weight, self.dim) * self.dim**-0.5
        key = _interleaved(a.k_proj.weight, self.dim)
        return (
            layer.input_layernorm.weight.detach(),  # type: ignore[attr-defined]
            _transposed(query, key, a.v_proj.weight),
            _transposed(a.o_proj.weight),
            layer.post_attention_layernorm.weight.detach(),  # type: ignore[attr-defined]
            _transposed(m.gate_proj.weight, m.up_proj.weight),
            _transposed(m.down_proj.weight),
        )

    def forward(self, ids_BT: Tensor, positions_BT: Tensor, attend: Attend) -> Tensor:
        """Logits of the last position. attend(layer, query [B, T, H, D], key, value [B, T, K, D])
        -> [B, T, H * D]."""
        import torch
        from torch.nn.functional import rms_norm, silu

        B, T = ids_BT.shape
        x, turns = self.embedding[ids_BT], self.turns[positions_BT].unsqueeze(2)
        rotated, width = self.heads + self.kv_heads, x.shape[-1:]
        for i, (norm_1, qkv, out, norm_2, gate_up, down) in enumerate(self.layers):
            y = (rms_norm(x, width, norm_1, self.eps) @ qkv).view(B, T, -1, self.dim)
            pairs = torch.view_as_complex(y[:, :, :rotated].unflatten(-1, (-1, 2)))
            qk = torch.view_as_real(pairs * turns).flatten(-2)
            x = (
                x
                + attend(i, qk[:, :, : self.heads], qk[:, :, self.heads :], y[:, :, rotated:]) @ out
            )
            gate, up = (rms_norm(x, width, norm_2, self.eps) @ gate_up).chunk(2, -1)
            x = x + (silu(gate) * up) @ down
        return rms_norm(x[:, -1], width, self.norm, self.eps) @ self.output

    def start(
        self, prompts: list[list[int]], copies: list[int], room: int
    ) -> tuple[Tensor, LlamaRows]:
        """See decode.Network."""
        import torch

        prefix = common_prefix(prompts)
        past: list[tuple[Tensor, Tensor]] = []
        if prefix:
            everything = torch.ones(1, len(prefix), dtype=torch.bool)
            _, past = self._prefill(torch.tensor([prefix]), everything, past)
        questions = [p[len(prefix) :] for p in prompts]
        longest = max(map(len, questions))
        ids = torch.tensor([[0] * (longest - len(q)) + list(q) for q in questions])
        real = torch.tensor([[False] * (longest - len(q)) + [True] * len(q) for q in questions])
        logits, own = self._prefill(ids, real, past)
        at = torch.arange(len(prompts)).repeat_interleave(torch.tensor(copies)).to(self.device)
        padding = torch.zeros(real.shape).masked_fill(~real, -torch.inf).to(self.device)
        rows = LlamaRows(
            network=self,
            shared=[(k[0].transpose(1, 2).contiguous(), v[0].contiguous()) for k, v in past],
            cache=_cache(own, at, room),
            padding=None if real.all() else padding[at][:, None, None],
            positions=torch.tensor([len(p) for p in prompts], device=self.device)[at],
            end=longest,
        )
        return logits[at], rows

    def _prefill(
        self, ids_BT: Tensor, real_BT: Tensor, past: list[tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Last logits, and keys and values [B, K, T, D] per layer, after a past common to all rows.

        real: false at the padding on the left."""
        import torch
        from torch.nn.functional import scaled_dot_product_attention

        B, T = ids_BT.shape
        P = past[0][0].shape[2] if past else 0
        causal = torch.ones(T, T, dtype=torch.bool).tril() & real_BT[:, None, :]
        causal |= torch.eye(T, dtype=torch.bool)  # padding sees itself, for a softmax without 0 / 0
        mask = torch.cat([torch.ones(B, T, P, dtype=torch.bool), causal], -1)[:, None].to(
            self.device
        )
        positions = (P - 1 + real_BT.cumsum(-1)).clamp(min=0).to(self.device)
        stored = []

        def attend(i: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
            stored.append((k, v))
            if past:
                k = torch.cat([past[i][0].expand(B, -1, -1, -1), k], 2)
                v = torch.cat([past[i][1].expand(B, -1, -1, -1), v], 2)
            a = scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0, enable_gqa=True)
            return a.transpose(1, 2).flatten(2)

        return self.forward(ids_BT.to(self.device), positions, attend), stored


@dataclass
class LlamaRows:
    """A `Batch` (decode.py): the live rows' own keys and values, after the prefix they share."""

    network: Llama
    shared: list[tuple[Tensor, Tensor]]
    """Per layer, keys [K, D, P] and values [K, P, D] of the prefix."""
    cache: Tensor
    """Keys and values of everything after the prefix, [layer, 2, B, K, C, D]; rows from
    `len(positions)` on are leftovers."""
    padding: Tensor | None
    """[B, 1, 1, T], -inf at the padding of the questions; None without padding."""
    positions: Tensor
    """Of the next token of each row."""
    end: int
    """Columns of the cache in use."""

    def step(self, tokens_B: Tensor) -> Tensor:
        """See decode.Batch."""
        self.end += 1
        logits = self.network.forward(tokens_B[:, None], self.positions[:, None], self._attend)
        self.positions = self.positions + 1
        return logits

    def _attend(self, i: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention of one new token per row: over the prefix for all rows at once, and over the
        row's own tokens."""
        import torch

        B, _, K, D = k.shape
        keys, values = self.cache[i, :, :B, :, : self.end]
        keys[:, :, -1], values[:, :, -1] = k[:, 0], v[:, 0]
        q = q.reshape(B, K, -1, D)
        scores = q @ keys.transpose(-1, -2)
        if self.padding is not None:
            scores[..., : self.padding.shape[-1]] += self.padding
        if not self.shared:
            return (scores.softmax(-1) @ values).reshape(B, 1, -1)
        shared_keys, shared_values = self.shared[i]
        P = shared_keys.shape[-1]
        together = q.transpose(0, 1).reshape(K, -1, D) @ shared_keys  # [K, B * H/K, P]
        together = together.view(K, B, -1, P).transpose(0, 1)
        weights = torch.cat([together, scores], -1).softmax(-1)
        together = weights[..., :P].transpose(0, 1).reshape(K, -1, P) @ shared_values
        together = together.view(K, B, -1, D).transpose(0, 1)
        return (together + weights[..., P:] @ values).reshape(B, 1, -1)

    def keep(self, rows: Tensor) -> None:
        """See decode.Batch. In place: only rows that move are copied."""
        import torch

        into = (rows != torch.arange(len(rows), device=rows.device)).nonzero().squeeze(1)
        origin, end = rows[into], self.end
        self.cache[:, :, into, :, :end] = self.cache[:, :, origin, :, :end]
        self.positions = self.positions[rows]
        if self.padding is not None:
            self.padding = self.padding[rows]


def _cache(own: list[tuple[Tensor, Tensor]], at: Tensor, room: int) -> Tensor:
    """The cache of LlamaRows with the questions of the rows `at` them, and `room` for more."""
    _, K, T, D = own[0][0].shape
    cache = own[0][0].new_empty(len(own), 2, len(at), K, T + room, D)
    for layer, pair in zip(cache, own, strict=True):
        for rows, questions in zip(layer, pair, strict=True):
            rows[:, :, :T] = questions[at]
    return cache


def _transposed(*weights: Tensor) -> Tensor:
    """Weights of Linear layers as one matrix [in, out]."""
    import torch

    return torch.cat([w.detach() for w in weights]).t().contiguous()


def _interleaved(weight: Tensor, dim: int) -> Tensor:
    """Rows of each head reordered: the two halves that are rotated together become neighbours."""
    heads = weight.detach().unflatten(0, (-1, 2, dim // 2))
    return heads.transpose(1, 2).reshape(weight.shape)
