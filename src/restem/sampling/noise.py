"""Randomness of sampling, by counter instead of state: the noise of a token is a function of
(sample, step).

So a sample depends neither on the rows beside it, nor on the order of batches, nor on the number of
workers. Shapes: B rows, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from restem.core.protocols import Sampling

if TYPE_CHECKING:
    from torch import Tensor

# splitmix64 in signed 64-bit numbers that wrap around.
# Source: Steele, Lea, Flood 2014, doi 10.1145/2660193.2660195.
_GOLDEN = 0x9E3779B97F4A7C15 - 2**64
_MIX_1 = 0xBF58476D1CE4E5B9 - 2**64
_MIX_2 = 0x94D049BB133111EB - 2**64


def uniforms(keys_B: Tensor, step: int) -> Tensor:
    """Two numbers in (0, 1) per row, float32 [B, 2], for token number `step` of the samples with
    these int64 keys."""
    import torch

    counters = [(2 * step + draw) * _GOLDEN % 2**64 for draw in (1, 2)]
    signed = [c - 2**64 if c >= 2**63 else c for c in counters]
    z = keys_B[:, None] + torch.tensor(signed, device=keys_B.device)
    z = (z ^ _shift_right(z, 30)) * _MIX_1
    z = (z ^ _shift_right(z, 27)) * _MIX_2
    z = z ^ _shift_right(z, 31)
    return (_shift_right(z, 41).float() + 0.5) * 2**-23  # 23 bits: exact in float32, never 0 or 1


def _shift_right(z: Tensor, bits: int) -> Tensor:
    """Without copies of the sign."""
    return (z >> bits) & (2 ** (64 - bits) - 1)


def choose(logits_B_V: Tensor, noise_B_2: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """The next token of every row and its log-probability under the unmodified distribution (T 1,
    nothing cut off).

    Temperature, then top-k, then top-p of what is left; temperature 0 takes the most likely token.

    A token is first drawn from the whole distribution. Most draws are certain to be among the kept
    tokens without sorting any (at most k tokens are as likely as 1/k); the others are looked up,
    and drawn again from the kept ones if they are not: P(kept token) = p + (1 - P(kept)) * p /
    P(kept) = p / P(kept), as it must be.
    """
    import torch

    logits_B_V = logits_B_V.float()
    top_B, best_B = logits_B_V.max(-1)
    shifted = logits_B_V - top_B[:, None]
    log_total_B = shifted.exp().sum(-1).log()
    if sampling.temperature == 0:
        return best_B, -log_total_B
    weights = (shifted / sampling.temperature).exp_()
    cdf = weights.cumsum(-1)
    drawn = torch.searchsorted(cdf, noise_B_2[:, :1] * cdf[:, -1:], right=True)
    drawn.clamp_(max=cdf.shape[-1] - 1)  # only reached by logits that are no numbers
    certain = _certain_share(sampling, cdf.shape[-1])
    if certain > 0:
        unsure = (
            (weights.gather(-1, drawn) <= certain * cdf[:, -1:]).squeeze(1).nonzero().squeeze(1)
        )
        if len(unsure):
            drawn[unsure] = _among_kept(
                weights[unsure], drawn[unsure], noise_B_2[unsure, 1:], sampling
            )
    return drawn.squeeze(1), (shifted.gather(-1, drawn)).squeeze(1) - log_total_B


def _certain_share(sampling: Sampling, vocabulary: int) -> float:
    """A token more likely than this is kept by top-k and top-p, whatever the others are; 0 if all
    are kept."""
    by_k = 1 / sampling.top_k if 0 < sampling.top_k < vocabulary else 0.0
    return max(by_k, 1 - sampling.top_p) * (1 + 1e-5)  # rounding errors on the safe side


def _among_kept(weights: Tensor, drawn: Tensor, noise: Tensor, sampling: Sampling) -> Tensor:
    """`drawn` [B, 1] where top-k and top-p keep it, else another draw from the kept tokens."""
    import torch

    if 0 < sampling.top_k < weights.shape[-1]:
        kept, ids = weights.topk(sampling.top_k)
    else:
        kept, ids = weights.sort(descending=True, stable=True)
    if sampling.top_p < 1:
        mass = kept.cumsum(-1)
        kept = torch.where(mass - kept < sampling.top_p * mass[:, -1:], kept, 0)
    cdf = kept.cumsum(-1)
    again = ids.gather(-1, torch.searchsorted(cdf, noise * cdf[:, -1:], right=True))
    accepted = ((ids == drawn) & (kept > 0)).any(-1, keepdim=True)
    return torch.where(accepted, drawn, again)
