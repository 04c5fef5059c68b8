"""Work on a cluster of emulated nodes: actors that die, errors that come out, verdicts."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from settings import machine, score
from tiny_models import ONE

from restem.core import plugins
from restem.core.cluster import Fleet, Spec
from restem.core.connection import connected
from restem.core.errors import DataError, EngineError
from restem.core.records import Problem

pytestmark = pytest.mark.slow
ray = pytest.importorskip("ray", reason="`make engines` installs Ray")
ANY = machine(workers=0)


@contextmanager
def working() -> Iterator[tuple[Any, dict[str, object]]]:
    """In an actor: numbers come back doubled; strings say what goes wrong."""

    def work(item: Any) -> Any:
        if item == "die":
            os._exit(1)
        if item == "once":
            marker = Path(os.environ["RESTEM_DATA"]) / "died"
            if not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return "survived"
        if item == "refuse":
            raise DataError("line 3: no number. Mend it.")
        if item == "bug":
            raise KeyError("x")
        return 2 * item

    yield work, {}


@contextmanager
def breaking() -> Iterator[tuple[Any, dict[str, object]]]:
    os._exit(1)
    yield None, {}


def run(items: list[Any], function: str = "working") -> list[tuple[Any, Any]]:
    spec = Spec("test_cluster", function, ())
    with connected(ANY), Fleet(spec, ANY) as fleet:
        return list(fleet.map(items, lambda item: f"item {item!r}"))


@pytest.fixture
def importable(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Actors find this file, and a folder to leave marks in."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))
    monkeypatch.setenv("RESTEM_DATA", str(tmp_path))
    return tmp_path


def test_an_item_that_outlives_its_actor_is_done_by_another(importable: Path) -> None:
    found = run([1, 2, "once", *range(3, 30)])
    assert (importable / "died").exists()
    assert sorted((i, r) for i, r in found if i != "once") == [(i, 2 * i) for i in range(1, 30)]
    assert ("once", "survived") in found


def test_an_item_that_kills_actors_is_named(importable: Path) -> None:
    with pytest.raises(
        EngineError, match=r"3 actors died at item 'die'\. If memory ran out, lower"
    ):
        run([1, "die", 2])


def test_idle_actors_of_a_dead_node_meet_no_item(nodes: Any, importable: Path) -> None:
    doomed = nodes.add_node(num_cpus=4)
    with connected(ANY), Fleet(Spec("test_cluster", "working", ()), ANY) as fleet:
        deadline = time.monotonic() + 60
        while len(fleet.facts) < 6 and time.monotonic() < deadline:
            assert len(list(fleet.map(range(12), str))) == 12
        assert len({fact["node_id"] for fact in fleet.facts}) == 3
        nodes.remove_node(doomed, allow_graceful=False)
        assert sorted(result for _, result in fleet.map(range(4), str)) == [0, 2, 4, 6]


def test_actors_that_do_not_start_are_given_up(importable: Path) -> None:
    with pytest.raises(EngineError, match="3 actors died at their start"):
        run([1], "breaking")


def test_an_error_of_ours_comes_out_as_itself(importable: Path) -> None:
    with pytest.raises(DataError) as caught:
        run([1, "refuse", 2])
    assert str(caught.value) == "line 3: no number. Mend it."


def test_a_bug_is_told_in_a_line(importable: Path) -> None:
    with pytest.raises(EngineError, match=r"^an actor failed: 'x'\.$"):
        run(["bug"])


def test_no_items_are_no_work(importable: Path) -> None:
    assert run([]) == []


def test_the_last_to_leave_ends_the_connection(address: str) -> None:
    """As where samples are judged while they are drawn: the verifier leaves first."""
    first, second = connected(ANY), connected(ANY)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert ray.is_initialized()
    second.__exit__(None, None, None)
    assert not ray.is_initialized()


# ---- verdicts


def answers(count: int) -> tuple[list[Problem], list[str]]:
    golds = ["7", r"\frac{1}{2}", "x+1", "(1, 2)"]
    texts = [r"\boxed{7}", "no answer", r"\boxed{1+x}", r"\boxed{(2, 1)}", r"\boxed{0.5}"]
    pairs = [(golds[i % 4], texts[i * 7 % 5]) for i in range(count)]
    return [problem({"answer": gold}) for gold, _ in pairs], [text for _, text in pairs]


def programs(count: int) -> tuple[list[Problem], list[str]]:
    tests = {"inputs": ["1\n", "5\n"], "outputs": ["2\n", "6\n"]}
    texts = [
        "print(int(input()) + 1)",
        "print(2)",
        "print(",
        "while True: pass",
        "import os; os._exit(0)",
    ]
    return [problem({"tests": tests})] * count, [texts[i % 5] for i in range(count)]


def problem(gold: dict[str, object]) -> Problem:
    return Problem("p", "t", "train", "", 0, "?", "?", (), json.dumps(gold), None)


@pytest.mark.parametrize(("name", "make"), [("math", answers), ("code", programs)])
def test_verdicts_are_those_of_one_process(address: str, name: str, make: Any) -> None:
    problems, texts = make(300 if name == "math" else 40)
    limits = score(cpu_s=1.0)
    with plugins.open_reward(name, limits, ONE) as reward:
        expected, grader = reward.score(problems, texts), reward.grader
    with plugins.open_reward(name, replace(limits, cluster="ray"), ANY) as spread:
        assert spread.grader == grader
        assert list(map(asdict, spread.score(problems, texts))) == list(map(asdict, expected))
        assert spread.group(["1/2", "0.5", None, "3"]) in ([0, 0, None, 1], [0, 1, None, 2])
    assert len({verdict.outcome for verdict in expected}) >= 3
