"""A broken verifier must never look like a bad model: too many of its faults stop the stage."""

from __future__ import annotations

from restem.core.errors import SandboxError


def check_faults(num_faults: int, num_judged: int, allowed: float, example: str) -> None:
    """`allowed` is score.max_fault_rate, `example` says what the first fault was.

    Raises: SandboxError if more than that share of the verdicts are faults of the verifier.
    """
    if num_faults > allowed * num_judged:
        raise SandboxError(
            f"the verifier failed on {num_faults} of {num_judged} solutions "
            f"(score.max_fault_rate: {allowed}); {example}. "
            "Raise score.timeout_s if these are time-outs, or lower machine.workers."
        )
