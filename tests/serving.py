"""`restem grade --serve` in a thread, at a free port."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from restem.commands import grade_limits, grade_server

LONG_S = 120.0  # no test here takes that long


@contextmanager
def serving(max_rows: int = 1000) -> Iterator[str]:
    """The address of a server."""
    with grade_server.opened("127.0.0.1", 0, grade_limits.defaults(), max_rows) as (
        server,
        listener,
        address,
    ):
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join(LONG_S)
    assert not thread.is_alive()
