"""One progress bar per long step, on stderr: rate, time left, one live number; quiet off a TTY."""

from __future__ import annotations

import logging
import os
import sys
import time
from types import TracebackType

log = logging.getLogger(__name__)
EVERY_S = 30.0


class Progress:
    """A bar on a terminal; elsewhere a line every 30 s, so that a log shows life and no flood."""

    def __init__(self, what: str, total: int, unit: str, done: int = 0) -> None:
        from tqdm import tqdm

        self.what, self.total, self.unit, self.count, self.live = what, total, unit, done, ""
        self.said = self.start = time.monotonic()
        self.before = done
        on = (
            sys.stderr.isatty()
            and logging.getLogger().level <= logging.INFO
            and not os.environ.get("TQDM_DISABLE")
        )
        colour = None if os.environ.get("NO_COLOR") else "green"
        self.bar = tqdm(
            total=total or None,
            initial=done,
            desc=what,
            unit=f" {unit}",
            colour=colour,
            disable=not on,
            dynamic_ncols=True,
            leave=False,
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.close()

    def advance(self, count: int = 1, live: str = "") -> None:
        """`count` more units are done; `live` is the one number worth watching ("correct 31 %")."""
        self.count += count
        self.live = live
        if not self.bar.disable:
            self.bar.set_postfix_str(live, refresh=False)
            self.bar.update(count)
        elif time.monotonic() - self.said > EVERY_S:
            self.said = time.monotonic()
            rate = (self.count - self.before) / (self.said - self.start)
            left = (self.total - self.count) / rate if rate else float("inf")
            log.info("%s: %d of %d %s, %.1f/s, %.0f s left %s",
                     self.what, self.count, self.total, self.unit, rate, left, live)  # fmt: skip
