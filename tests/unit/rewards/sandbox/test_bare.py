"""Bubblewrap where no namespace can be made inside it."""

from __future__ import annotations

import inspect
import marshal
from collections.abc import Iterator

import pytest

from restem.rewards.sandbox import launch, world
from restem.rewards.sandbox.client import Box, BoxFault, Limits
from restem.rewards.sandbox.protocol import BUBBLEWRAP

LIMITS = Limits(5.0, 256)

# What `world.protect_devices` does first, and what it is where that is not allowed.
ALLOWED = 'kernel.call("unshare", _NEW_USER | _NEW_NS)'
NOT_ALLOWED = 'raise OSError("no user namespace in a user namespace")'


@pytest.fixture
def bare_devices_box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    """Bubblewrap where no further namespace can be made: devices are as they are outside."""
    text = inspect.getsource(world)
    assert ALLOWED in text
    code = compile(text.replace(ALLOWED, NOT_ALLOWED), "world", "exec")
    modules = marshal.loads(launch.bundle()[8:])
    data = marshal.dumps([(n, code if n == world.__name__ else c) for n, c in modules])
    bundle = len(data).to_bytes(8, "little") + data
    monkeypatch.setattr(launch, "bundle", lambda: bundle)
    opened = Box(BUBBLEWRAP)
    try:
        opened.start()
    except BoxFault as fault:
        pytest.skip(str(fault))
    yield opened
    opened.close()


LOCKS_UP = """
import os
os.umask(0)
os.mkdir('a', 0o300)
open('a/x', 'w').close()
try:
    os.utime('/dev/null')
except PermissionError:
    print('denied')
"""


@pytest.mark.slow  # bubblewrap
def test_folders_are_emptied_where_programs_may_not_change_modes(bare_devices_box: Box) -> None:
    for _ in range(3):
        with bare_devices_box.program(LOCKS_UP, LIMITS) as program:
            assert program.run(b"").stdout == b"denied\n"
