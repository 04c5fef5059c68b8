"""Progress off a terminal: silence, but a sign of life every 30 seconds."""

from __future__ import annotations

import logging

import pytest

from restem.core import progress
from restem.core.progress import Progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set by the test."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_off_a_terminal_nothing_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("sample", 10, "samples") as bar:
        bar.advance(10, "correct 31 %")
    assert capsys.readouterr() == ("", "")


def test_off_a_terminal_a_line_comes_every_30_seconds(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), Progress("sample", 100, "samples", done=40) as bar:
        for second in (10, 20, 40, 50, 75):
            clock[0] = 1000.0 + second
            bar.advance(4, f"correct {second} %")
    assert caplog.messages == [
        "sample: 52 of 100 samples, 0.3/s, 160 s left correct 40 %",
        "sample: 60 of 100 samples, 0.3/s, 150 s left correct 75 %",
    ]


def test_the_count_is_kept_and_starts_where_the_last_run_ended() -> None:
    with Progress("train", 10, "updates", done=3) as bar:
        bar.advance()
        bar.advance(2)
        assert bar.count == 6
