"""Which iterations of the unrolled loop are active: a small file each, cached apart."""

from __future__ import annotations

from dataclasses import asdict

from restem.core import layout, storage
from restem.core.params import Params
from restem.core.ranges import MAX_ITERS


def run(params: Params, iteration: str | None) -> None:
    """Write data/plan/0.json .. 5.json.

    Where sampling stops after correct solutions, an iteration also depends on the values that
    decide which are: a change of them draws other samples.
    """
    judged: dict[str, object] = {}
    if params.sample.stop_after_correct:
        verdict = {**asdict(params.score), "cluster": None}  # where verdicts are made changes none
        judged = {"reward": params.reward, "score": verdict}
    for number in range(MAX_ITERS + 1):
        plan = {"iteration": number, "active": number <= params.iters, **(judged if number else {})}
        storage.write_json(layout.plan(str(number)), plan)
