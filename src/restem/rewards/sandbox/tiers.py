"""Chooses the sandbox: the strongest tier that stops every canary on this machine, or none."""

from __future__ import annotations

import logging
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from restem.core.errors import SandboxError
from restem.rewards.sandbox import canary
from restem.rewards.sandbox.client import Box
from restem.rewards.sandbox.protocol import BUBBLEWRAP, LANDLOCK, NAMESPACES, UNSAFE

AUTO = "auto"
TIERS = (NAMESPACES, BUBBLEWRAP, LANDLOCK)
"""Strongest first."""

_FIX = (
    "Allow user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0 or "
    "user.max_user_namespaces=10000; in Docker --security-opt seccomp=unconfined --security-opt "
    "apparmor=unconfined), or install bubblewrap (apt install bubblewrap), or set "
    "score.unsafe_no_sandbox: true to run programs unprotected."
)
_log = logging.getLogger(__name__)


@contextmanager
def open_boxes(sandbox: str, unsafe: bool, workers: int) -> Iterator[list[Box]]:
    """Boxes of one tier that has just stopped every canary; they end with the context.

    sandbox: "auto", or a tier by name. unsafe: where no tier works, run programs unprotected
    instead of refusing. workers: how many boxes; 0 = one per core this process may use.
    Raises: SandboxError with the reason for each tier, and what to do.
    """
    with ExitStack() as stack:
        first = stack.enter_context(closing(_first_box(sandbox, unsafe)))
        boxes = [first]
        for _ in range((workers or len(os.sched_getaffinity(0))) - 1):
            box = stack.enter_context(closing(Box(first.tier)))
            if problem := canary.check_works(box):
                raise SandboxError(
                    f"the sandbox ({first.tier}) works once but not twice: {problem}"
                )
            boxes.append(box)
        yield boxes


def describe(boxes: Sequence[Box]) -> str:
    """For the grader's name: tier and interpreter, e.g. "namespaces, CPython 3.11.7"."""
    return f"{boxes[0].tier}, {platform.python_implementation()} {platform.python_version()}"


def _first_box(sandbox: str, unsafe: bool) -> Box:
    """A box that passed its canaries."""
    if sys.platform != "linux":
        raise SandboxError(
            f"programs are run on Linux only, this is {sys.platform}: none of the sandboxes exists "
            "here. Run this stage on Linux (a virtual machine or a container will do)."
        )
    if sandbox not in (AUTO, *TIERS):
        raise SandboxError(
            f"score.sandbox must be one of {', '.join((AUTO, *TIERS))}, got {sandbox!r}."
        )
    reasons = []
    for tier in TIERS if sandbox == AUTO else (sandbox,):
        box = Box(tier)
        problem = canary.check(box)
        if not problem:
            _log.info("programs run in the sandbox %s", tier)
            return box
        box.close()
        reasons.append(f"{tier}: {problem}")
    if unsafe:
        return _unsafe_box(reasons)
    raise SandboxError(f"no sandbox works here ({'; '.join(reasons)}). {_FIX}")


def _unsafe_box(reasons: Sequence[str]) -> Box:
    """Programs still run in processes of their own, with limits on time and memory."""
    _log.warning(
        "NO SANDBOX: programs written by the model run with your rights, as "
        "score.unsafe_no_sandbox allows (%s)",
        "; ".join(reasons),
    )
    box = Box(UNSAFE)
    if problem := canary.check_works(box):
        box.close()
        raise SandboxError(f"programs cannot be run at all: {problem}")
    return box
