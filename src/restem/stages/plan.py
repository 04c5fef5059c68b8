"""Which iterations of the unrolled loop are active: a small file each, cached apart."""

from __future__ import annotations

from restem.core import layout, storage
from restem.core.params import Params
from restem.core.ranges import MAX_ITERS


def run(params: Params, iteration: str | None) -> None:
    """Write data/plan/0.json .. 5.json."""
    for number in range(MAX_ITERS + 1):
        storage.write_json(
            layout.plan(str(number)), {"iteration": number, "active": number <= params.iters}
        )
