"""The rewards behind `restem grade`: opened when their first row comes, opened anew at times.

Rewards remember what they judged, so a long file or a server that runs for weeks would fill the
memory. And a reward that raises costs the row that made it raise, never its neighbours: only a
broken verifier (SandboxError) stops all.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType

from restem.commands.grade_limits import Limits
from restem.commands.grade_rows import Row, printable
from restem.core import plugins
from restem.core.errors import SandboxError
from restem.core.protocols import Reward
from restem.core.records import ERROR, Verdict

log = logging.getLogger(__name__)
ROWS_PER_OPENING = 1 << 17
CHARS_PER_OPENING = 1 << 28  # of texts and golds
MAX_DETAIL = 200


class Judges:
    """The rewards of one file or of one thread of a server; a context."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rewards: dict[str, Reward] = {}
        self._stacks: dict[str, ExitStack] = {}
        self._judged: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> Judges:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:
            for opened in self._stacks.values():
                stack.push(opened)

    def grader(self, kind: str) -> str:
        """Name and version. Raises: SandboxError if the reward cannot be opened."""
        return self._reward(kind).grader

    def verdicts(self, kind: str, rows: Sequence[Row]) -> list[Verdict]:
        """One verdict per row, in order. Raises: SandboxError."""
        self._remember(kind, rows)
        return self._verdicts(kind, rows)

    def _verdicts(self, kind: str, rows: Sequence[Row]) -> list[Verdict]:
        if not rows:
            return []
        reward = self._reward(kind)
        try:
            return reward.score([row.problem for row in rows], [row.text for row in rows])
        except SandboxError:
            raise
        except Exception as error:  # boundary to plug-ins: becomes a row
            log.debug("the reward %s raised, judging in halves", kind, exc_info=error)
            if len(rows) == 1:
                return [Verdict(0.0, ERROR, None, _said(error))]
        half = len(rows) // 2
        return self._verdicts(kind, rows[:half]) + self._verdicts(kind, rows[half:])

    def _reward(self, kind: str) -> Reward:
        if kind not in self._rewards:
            module = plugins.load("reward", kind)
            stack = self._stacks[kind] = ExitStack()
            opened = module.open_reward(self._limits.score, self._limits.machine)
            self._rewards[kind] = stack.enter_context(opened)
        return self._rewards[kind]

    def _remember(self, kind: str, rows: Sequence[Row]) -> None:
        """Count what the reward keeps in memory; close it before it becomes too much."""
        count, size = self._judged.get(kind, (0, 0))
        if count >= ROWS_PER_OPENING or size >= CHARS_PER_OPENING:
            self._close(kind)
            count, size = 0, 0
        size += sum(len(row.text) + len(row.problem.gold) for row in rows)
        self._judged[kind] = count + len(rows), size

    def _close(self, kind: str) -> None:
        self._rewards.pop(kind, None)
        self._stacks.pop(kind, ExitStack()).close()


def _said(error: Exception) -> str:
    return printable(f"{type(error).__name__}: {error}")[:MAX_DETAIL]
