"""Limits, sandbox and workers of `restem grade`.

They are those of restem's params.yaml where there is one in the working directory. Elsewhere they
are the defaults of grade_limits.yaml, which is part of the package: grading needs no checkout.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

from restem.core import params
from restem.core.params import Machine, Score

log = logging.getLogger(__name__)
DEFAULTS = Path(__file__).with_suffix(".yaml")
# Other projects that use DVC have a params.yaml too. This key is ours; a file that has it is
# checked as a whole, so that a mistake in it never means other limits.
_OURS = re.compile(rb"^samples_per_problem *:", re.MULTILINE)


@dataclass
class Limits:
    """Two sections of params.yaml."""

    score: Score
    machine: Machine


def load(path: Path = Path("params.yaml")) -> Limits:
    """Raises: ParamsError for a params.yaml of restem with a mistake."""
    if path.is_file() and _OURS.search(path.read_bytes()):
        values = params.load(path)
        return Limits(values.score, values.machine)
    log.info("limits: the defaults, as there is no %s of restem here", path)
    return defaults()


def defaults() -> Limits:
    """What is installed with the package."""
    from omegaconf import OmegaConf

    typed = OmegaConf.merge(OmegaConf.structured(Limits), OmegaConf.load(DEFAULTS))
    limits = OmegaConf.to_object(typed)
    assert isinstance(limits, Limits)
    return limits
