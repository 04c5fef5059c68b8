"""Sections of the default params.yaml, with a few values changed.

tests/params.yaml is a copy of it, because users edit theirs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from restem.core import params
from restem.core.params import Data, Machine, Sample, Score

_PARAMS = params.load(Path(__file__).with_name("params.yaml"))


def score(**changes: Any) -> Score:
    return replace(_PARAMS.score, **changes)


def data(**changes: Any) -> Data:
    return replace(_PARAMS.data, **changes)


def machine(workers: int = 1) -> Machine:
    return replace(_PARAMS.machine, workers=workers)


def sample(**changes: Any) -> Sample:
    return replace(_PARAMS.sample, **changes)
