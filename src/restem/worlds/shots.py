"""Few-shot prompts: worked examples before the question."""

from __future__ import annotations

from collections.abc import Sequence

from restem.core.errors import ParamsError

SEPARATOR = "\n\n"
STOP = (SEPARATOR, "Problem:")


def after_shots(prompt: str, shots: Sequence[tuple[str, str]], count: int) -> str:
    """The prompt after the first `count` shots, which are prompts and solutions.

    Raises: ParamsError if there are fewer.
    """
    if not 0 <= count <= len(shots):
        raise ParamsError(
            f"data.few_shot must be between 0 and {len(shots)}, got {count} (params.yaml): "
            "the embedded world has no more worked examples."
        )
    return "".join(asked + solution + SEPARATOR for asked, solution in shots[:count]) + prompt
