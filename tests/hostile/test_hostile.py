"""No hostile program reads, writes, reaches, kills, outlives or fools anything; odd honest ones
are judged right.

The programs run in throw-away worlds (world.py), all worlds at once, each with a deadline of its
own: no program can stop or hurt the test run. Every program is one test per world.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hostile import generated, programs

pytestmark = pytest.mark.slow

WORLD = Path(__file__).with_name("world.py")
DEADLINE_S = 400.0
SHARES = 3  # worlds that share the programs of one tier: most of the time they only wait
# One world on every push, the rest on demand (`make test-all`): the tier `auto` finds first, for
# root, who has most to lose.
WORLDS = [
    "namespaces-root",
    *(
        pytest.param(name, marks=pytest.mark.all_worlds)
        for name in ("namespaces-user", "landlock-user", "bubblewrap-user")
    ),
]
HONEST = programs.load("honest")
HOSTILE = [
    entry for entry in programs.load("attacks") + generated.load() if entry.group != "probes"
]
# Root's own dangers where it runs in a weaker tier: no limit holds for it, devices are its own.
AS_ROOT = ("landlock-root", "bubblewrap-root")
OF_ROOT = [
    entry.program_id
    for entry in HOSTILE
    if entry.group in ("kernel_memory", "host_visible") and not entry.task
]
# Programs that do as they like where there is no sandbox, and what they are then caught at.
CONTROL = {
    "home-files": "a secret was printed",
    "shadow": "a secret was printed",
    "tcp": "connection to",
    "unix-abstract": "connection to",
    "write-markers": "/tmp/marker has changed",
    "new-files": "appeared or went",
    "daemon": "outlive the program",
    "kill-victim": "the victim ended",
    "subprocess-shell": "printed BREACH",
    "sysv": "entries more",
}


@dataclass
class World:
    """A running or finished world and what it has reported on its share of the programs."""

    name: str
    programs: frozenset[str]
    process: subprocess.Popen[bytes]
    folder: Path
    deadline: float
    rows: dict[str, dict[str, object]] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)
    started: str = ""

    @staticmethod
    def start(name: str, folder: Path, names: list[str], deadline_s: float = DEADLINE_S) -> World:
        tier, user = name.split("-")
        command = [sys.executable, "-B", str(WORLD), tier, user, str(folder / "rows"), *names]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        return World(name, frozenset(names), process, folder, time.monotonic() + deadline_s)

    def finish(self) -> None:
        """Wait for the end, or make one, and read the report."""
        try:
            self.process.wait(max(0.1, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.facts["late"] = "the world was ended at its deadline"
            self.kill()
        rows = self.folder / "rows"
        for line in rows.read_text().splitlines() if rows.exists() else []:
            row = json.loads(line)
            self.started = str(row.get("start", self.started))
            if "id" in row:
                self.rows[str(row["id"])] = row
            elif "start" not in row:
                self.facts |= row
        if "late" in self.facts:
            Path(str(self.facts["stage"])).rmdir()

    def kill(self) -> None:
        """End every process of the world: its first one dies with the group, and all with it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def row(self, name: str) -> dict[str, object]:
        """The report on one program. Skips where there is no such world or tier here."""
        if "unavailable" in self.facts:
            pytest.skip(f"no throw-away world here: {self.facts['unavailable']}")
        if "refused" in self.facts and not self.name.startswith("namespaces"):
            pytest.skip(f"no such tier here: {self.facts['refused']}")
        log = (self.folder / "log").read_text(errors="replace")[-2000:]
        assert name in self.rows, f"the world ended at {self.started!r}: {self.facts} {log}"
        return self.rows[name]


@pytest.fixture(scope="session")
def worlds(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[World]]:
    """Every world that the selected tests need; they run side by side."""
    wanted: dict[str, set[str]] = {}
    for item in request.session.items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if item.path == Path(__file__) and "world" in parameters:
            wanted.setdefault(parameters["world"], set()).add(parameters["program"])
    found = [
        World.start(name, tmp_path_factory.mktemp(name), share)
        for name, names in wanted.items()
        for first in range(SHARES)
        if (share := sorted(names)[first::SHARES])
    ]
    try:
        for world in found:
            world.finish()
        yield found
    finally:
        for world in found:
            world.kill()


def report(worlds: list[World], name: str, program: str) -> dict[str, object]:
    """What a world of this name says of a program."""
    (world,) = (world for world in worlds if world.name == name and program in world.programs)
    return world.row(program)


@pytest.mark.parametrize("program", [entry.program_id for entry in HOSTILE])
@pytest.mark.parametrize("world", WORLDS)
def test_a_hostile_program_does_no_harm(worlds: list[World], world: str, program: str) -> None:
    row = report(worlds, world, program)
    assert row["problems"] == [], row


@pytest.mark.parametrize("program", OF_ROOT)
@pytest.mark.parametrize("world", AS_ROOT)
@pytest.mark.all_worlds
def test_a_hostile_program_does_no_harm_in_a_weaker_tier_of_root(
    worlds: list[World], world: str, program: str
) -> None:
    row = report(worlds, world, program)
    assert row["problems"] == [], row


@pytest.mark.parametrize("program", [entry.program_id for entry in HONEST])
@pytest.mark.parametrize("world", WORLDS)
def test_an_odd_but_honest_program_is_judged_right(
    worlds: list[World], world: str, program: str
) -> None:
    row = report(worlds, world, program)
    assert row["problems"] == [], row


@pytest.mark.parametrize("program", [HOSTILE[0].program_id])
@pytest.mark.parametrize("world", WORLDS)
def test_nothing_is_left_when_the_boxes_are_closed(
    worlds: list[World], world: str, program: str
) -> None:
    report(worlds, world, program)
    assert {
        one.folder.name: one.facts["left"]
        for one in worlds
        if one.name == world and one.facts["left"]
    } == {}


@pytest.mark.parametrize("program", list(CONTROL))
@pytest.mark.parametrize("world", ["unsafe-user"])
def test_without_a_sandbox_the_same_programs_are_caught(
    worlds: list[World], world: str, program: str
) -> None:
    """The suite can fail: it sees every kind of harm it looks for."""
    row = report(worlds, world, program)
    assert CONTROL[program] in str(row["problems"]), row


def holders(file: Path) -> list[str]:
    """Processes that have this file open."""
    wanted, found = file.stat(), []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if os.path.samestat(link.stat(), wanted):
                found.append(str(link))
    return found


def test_a_world_that_an_attack_has_frozen_is_ended(tmp_path: Path) -> None:
    world = World.start("unsafe-user", tmp_path, ["freeze-the-world"], deadline_s=10)
    world.finish()
    if "unavailable" not in world.facts:
        assert world.started == "freeze-the-world"
        assert "late" in world.facts, world.facts
        deadline = time.monotonic() + 10
        while (left := holders(tmp_path / "rows")) and time.monotonic() < deadline:
            time.sleep(0.1)  # the kernel buries them
        assert left == []


def test_the_suites_are_as_large_as_they_claim() -> None:
    assert len(HOSTILE) >= 250
    assert len(HONEST) >= 100
