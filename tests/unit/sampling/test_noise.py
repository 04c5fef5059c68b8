from __future__ import annotations

from typing import Any

import pytest
import torch

from restem.core.protocols import Sampling
from restem.core.seeds import seed_for
from restem.sampling.noise import choose, uniforms

pytestmark = pytest.mark.slow  # many draws

DRAWS = 60_000


def sampling(temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> Sampling:
    return Sampling(temperature, top_k, top_p, 10, 0)


def keys(count: int) -> Any:
    return torch.tensor([seed_for(0, f"p{i // 8}", i % 8) for i in range(count)])


def kept_probabilities(logits: Any, s: Sampling) -> Any:
    """The textbook way: temperature, top-k, top-p of the rest, one token at a time."""
    p = (logits.double() / s.temperature).softmax(-1)
    order = p.argsort(descending=True).tolist()
    order = order[: s.top_k or len(order)]
    total, mass, kept = sum(p[i].item() for i in order), 0.0, []
    for i in order:
        if mass >= s.top_p * total:
            break
        kept.append(i)
        mass += p[i].item()
    out = torch.zeros_like(p)
    out[kept] = p[kept]
    return out / out.sum()


def chi_square_excess(counts: Any, probabilities: Any) -> float:
    """Standard deviations by which the chi-square statistic exceeds its expectation."""
    expected = probabilities * counts.sum()
    used = expected > 0
    statistic = ((counts[used] - expected[used]) ** 2 / expected[used]).sum().item()
    freedom = int(used.sum()) - 1
    return (statistic - freedom) / (2 * freedom) ** 0.5


def test_uniforms_are_uniform_and_never_zero_or_one() -> None:
    u = uniforms(keys(DRAWS), 0)
    assert u.min() > 0
    assert u.max() < 1
    for draw in (0, 1):
        counts = torch.histc(u[:, draw], 50, 0, 1).double()
        assert chi_square_excess(counts, torch.full((50,), 0.02, dtype=torch.float64)) < 4


def test_uniforms_of_neighbouring_keys_steps_and_draws_are_independent() -> None:
    k = torch.arange(DRAWS)  # the worst keys: neighbours
    u = torch.cat([uniforms(k, step) for step in range(3)] + [uniforms(k + 1, 0)], -1)
    correlation = torch.corrcoef(u.T.double()) - torch.eye(8)
    assert correlation.abs().max() < 4 / DRAWS**0.5
    first, second = (u[:, 0] * 10).long(), (u[:, 2] * 10).long()
    counts = torch.bincount(first * 10 + second, minlength=100).double()
    assert chi_square_excess(counts, torch.full((100,), 0.01, dtype=torch.float64)) < 4


def test_noise_of_a_row_depends_on_its_key_and_step_only() -> None:
    k = keys(50)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(0))
    assert torch.equal(uniforms(k, 3)[order], uniforms(k[order], 3))
    assert not torch.equal(uniforms(k, 3), uniforms(k, 4))


@pytest.mark.parametrize(
    "s",
    [
        sampling(),
        sampling(0.7),
        sampling(0.7, top_k=5),
        sampling(1.3, top_k=12),
        sampling(1.0, top_p=0.9),
        sampling(1.0, top_p=0.6),
        sampling(1.5, top_k=10, top_p=0.8),
        sampling(1.0, top_k=1),
        sampling(1.0, top_k=1000),
    ],
)
def test_draws_follow_the_truncated_distribution(s: Sampling) -> None:
    logits = torch.randn(40, generator=torch.Generator().manual_seed(1)) * 1.5
    wanted = kept_probabilities(logits, s)
    drawn, _ = choose(logits.expand(DRAWS, -1), uniforms(keys(DRAWS), 5), s)
    counts = torch.bincount(drawn, minlength=40).double()
    assert counts[wanted == 0].sum() == 0
    if s.top_k != 1:
        assert chi_square_excess(counts, wanted) < 4


def test_the_nucleus_is_the_smallest_set_that_reaches_top_p() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().expand(20_000, -1)
    noise = uniforms(keys(20_000), 0)
    for top_p, kept in ((0.49, 1), (0.6, 2), (0.81, 3), (0.96, 4)):
        drawn, _ = choose(logits, noise, sampling(top_p=top_p))
        assert sorted(set(drawn.tolist())) == list(range(kept))


def test_a_tie_at_the_edge_of_top_k_keeps_exactly_k_tokens() -> None:
    logits = torch.zeros(5_000, 30)
    drawn, _ = choose(logits, uniforms(keys(5_000), 0), sampling(top_k=7))
    assert len(set(drawn.tolist())) == 7


def test_temperature_zero_takes_the_most_likely_token() -> None:
    logits = torch.randn(100, 50, generator=torch.Generator().manual_seed(2))
    drawn, _ = choose(logits, uniforms(keys(100), 0), sampling(0.0))
    assert torch.equal(drawn, logits.argmax(-1))


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_logprob_is_of_the_unmodified_distribution(temperature: float) -> None:
    logits = torch.randn(200, 50, generator=torch.Generator().manual_seed(3)) * 3
    drawn, logprob = choose(logits, uniforms(keys(200), 0), sampling(temperature, 5, 0.9))
    wanted = logits.double().log_softmax(-1).gather(-1, drawn[:, None]).squeeze(1)
    assert (logprob - wanted).abs().max() < 1e-5


def test_a_row_is_drawn_the_same_in_any_company() -> None:
    logits = torch.randn(300, 50, generator=torch.Generator().manual_seed(4))
    noise, s = uniforms(keys(300), 0), sampling(1.0, 8, 0.9)
    together, _ = choose(logits, noise, s)
    alone = torch.cat([choose(logits[i : i + 1], noise[i : i + 1], s)[0] for i in range(300)])
    assert torch.equal(together, alone)


def test_impossible_tokens_are_never_drawn() -> None:
    logits = torch.zeros(5_000, 6)
    logits[:, [0, 2, 5]] = -torch.inf
    drawn, logprob = choose(logits, uniforms(keys(5_000), 0), sampling())
    assert set(drawn.tolist()) == {1, 3, 4}
    assert logprob.isfinite().all()
