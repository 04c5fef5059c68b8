"""What samples are drawn from and how: part of their ids, and the name they are stored under.

Another policy, prompt or sampling parameter is another contract, so that samples of two never mix.
Where and on how many machines they are drawn is no part of it, nor is their number.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from restem.core import layout
from restem.core.params import Params
from restem.core.protocols import Sampling
from restem.core.seeds import digest, seed_for


def policy(iteration: str) -> Path:
    """The folder of the model that iteration K samples from."""
    return layout.model(str(int(iteration) - 1))


def sampling(params: Params, iteration: str) -> Sampling:
    """How completions of iteration K are drawn."""
    return Sampling(
        temperature=params.temperature,
        top_k=params.sample.top_k,
        top_p=params.sample.top_p,
        max_new_tokens=params.sample.max_new_tokens,
        seed=seed_for(params.seed, "sample", iteration),
    )


def engine_name(params: Params) -> str:
    """What makes the tokens: `ray` is not an engine of its own but where one runs."""
    return params.sample.ray_engine if params.engine == "ray" else params.engine


def contract(params: Params, iteration: str) -> dict[str, object]:
    """JSON-able. Reads the whole policy once, for its digest."""
    found: dict[str, object] = {
        "engine": engine_name(params),
        "policy": digest(policy(iteration)),
        "sampling": asdict(sampling(params, iteration)),
        "batch_rows": params.sample.batch_rows,
    }
    if params.engine == "replay":
        found["replay"] = digest(Path(params.sample.replay))
    return found
