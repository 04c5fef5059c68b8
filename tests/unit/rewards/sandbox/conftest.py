"""Boxes to test: always one of the strongest tier that works here, in all worlds one of each."""

from collections.abc import Iterator
from functools import lru_cache

import pytest

from restem.rewards.sandbox import canary
from restem.rewards.sandbox.client import Box, BoxFault
from restem.rewards.sandbox.tiers import AUTO, BUBBLEWRAP, LANDLOCK, NAMESPACES, TIERS


@lru_cache(maxsize=3)
def _missing(tier: str) -> str:
    """Why a tier cannot be set up on this machine, "" if it can. Then it must stop every canary:
    a sandbox that has come undone fails the tests, it does not skip them."""
    box = Box(tier)
    try:
        box.start()
    except BoxFault as fault:
        return str(fault)
    else:
        assert canary.check(box) == "", tier
        return ""
    finally:
        box.close()


def box_of(tier: str) -> Box:
    """A box of a tier, AUTO = the strongest there is. Skips the test where there is none."""
    for name in TIERS if tier == AUTO else (tier,):
        if not _missing(name):
            return Box(name)
    pytest.skip("; ".join(f"{name}: {_missing(name)}" for name in TIERS if tier in (AUTO, name)))


def _closing(tier: str) -> Iterator[Box]:
    box = box_of(tier)
    try:
        yield box
    finally:
        box.close()


def _elsewhere(tier: str) -> object:
    return pytest.param(tier, marks=[pytest.mark.slow, pytest.mark.all_worlds])


@pytest.fixture(scope="session", params=[AUTO, _elsewhere(BUBBLEWRAP), _elsewhere(LANDLOCK)])
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    """One box per tier."""
    yield from _closing(request.param)


@pytest.fixture(scope="session", params=[NAMESPACES, _elsewhere(BUBBLEWRAP)])
def writable_box(request: pytest.FixtureRequest) -> Iterator[Box]:
    """One box per tier in which programs may write files."""
    yield from _closing(request.param)


@pytest.fixture(scope="session")
def namespaces_box() -> Iterator[Box]:
    """One box of the default tier."""
    yield from _closing(NAMESPACES)


@pytest.fixture
def own_box() -> Iterator[Box]:
    """A box for tests that break it."""
    yield from _closing(AUTO)
