"""What the verdicts of an iteration depend on."""

from __future__ import annotations

from dataclasses import asdict

from restem.core import layout
from restem.core.identity import stage_code
from restem.core.params import Params
from restem.core.seeds import digest


def inputs(params: Params, iteration: str, grader: str) -> dict[str, object]:
    """Everything the verdicts depend on: unfinished work is found again by this."""
    values = asdict(params.score)
    return {
        "samples": digest(layout.samples(iteration)),
        "problems": digest(layout.problems("train")),
        # Where verdicts are made changes none.
        "score": {name: value for name, value in values.items() if name != "cluster"},
        "reward": params.reward,
        "code": stage_code("score", params),
        "grader": grader,
    }
