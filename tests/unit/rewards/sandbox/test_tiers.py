"""Which sandbox is chosen, when none is, and that the canaries would notice."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from restem.core.errors import SandboxError
from restem.rewards.sandbox import canary
from restem.rewards.sandbox.client import Box, BoxFault, Limits
from restem.rewards.sandbox.tiers import (
    AUTO,
    BUBBLEWRAP,
    LANDLOCK,
    NAMESPACES,
    describe,
    open_boxes,
)

pytestmark = pytest.mark.slow  # many starts of sandboxes

# Opens boxes as asked, behind a filter like a container's, and says what came of it.
SCRIPT = """
import json, logging, sys
from restem.core.errors import SandboxError
from restem.rewards.sandbox import kernel, seccomp
from restem.rewards.sandbox.client import Limits
from restem.rewards.sandbox.tiers import describe, open_boxes
sandbox, unsafe, denied = sys.argv[1], sys.argv[2] == "unsafe", sys.argv[3:]
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
if denied:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    seccomp._assemble(kernel.table(), " ".join(denied), []).load.make()
try:
    with open_boxes(sandbox, unsafe, 2) as boxes:
        outputs = []
        for box in boxes:
            with box.program("print(input())", Limits(5.0, 256)) as program:
                outputs.append(program.run(b"ok").stdout.decode())
        print(json.dumps([describe(boxes), outputs]))
except SandboxError as problem:
    print(json.dumps(str(problem)))
"""
DOCKER = ("unshare", "setns", "mount", "pivot_root")


def opened(
    sandbox: str, unsafe: bool = False, denied: tuple[str, ...] = (), path: str = ""
) -> tuple[object, str]:
    """What a fresh process could open: [description, outputs], or the refusal; and its log."""
    words = [sandbox, "unsafe" if unsafe else "safe", *denied]
    done = subprocess.run(
        [sys.executable, "-B", "-c", SCRIPT, *words],
        env={"PYTHONPATH": "src", "PATH": path or os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def exists(tier: str) -> bool:
    """Whether a tier can be set up on this machine."""
    box = Box(tier)
    try:
        box.start()
    except BoxFault:
        return False
    finally:
        box.close()
    return True


def test_the_strongest_tier_that_works_is_chosen(caplog: pytest.LogCaptureFixture) -> None:
    if not exists(NAMESPACES):
        pytest.skip("namespaces do not exist here")
    with caplog.at_level(logging.INFO), open_boxes(AUTO, False, 3) as boxes:
        assert [box.tier for box in boxes] == [NAMESPACES] * 3
        version = ".".join(map(str, sys.version_info[:3]))
        assert describe(boxes) == f"namespaces, CPython {version}"
    assert caplog.messages == ["programs run in the sandbox namespaces"]


def test_a_sandbox_killed_in_its_self_test_does_not_change_the_tier() -> None:
    with open_boxes(AUTO, False, 1) as boxes:
        expected = describe(boxes)
    ours = psutil.Process()
    others = {child.pid for child in ours.children()}  # such as a pool's, started by other tests
    killed = []

    def kill_the_first() -> None:
        while not killed:
            for child in ours.children():
                if child.pid not in others and not killed:
                    child.kill()
                    killed.append(child.pid)

    killer = threading.Thread(target=kill_the_first)
    killer.start()
    with open_boxes(AUTO, False, 1) as boxes:
        assert describe(boxes) == expected
        assert boxes[0].tier != "unsafe"
    killer.join()
    assert len(killed) == 1


def test_no_number_of_workers_means_one_per_core() -> None:
    with open_boxes(AUTO, False, 0) as boxes:
        assert len(boxes) == len(os.sched_getaffinity(0))


def test_boxes_end_with_the_context() -> None:
    with open_boxes(AUTO, False, 2) as boxes:
        pids = [c.pid() for box in boxes for c in box._connections.values()]
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    assert len(pids) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_boxes_end_with_an_error_of_the_caller() -> None:
    with pytest.raises(KeyError), open_boxes(AUTO, False, 1) as boxes:  # noqa: PT012
        (connection,) = boxes[0]._connections.values()
        pid = connection.pid()
        raise KeyError
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("tier", [NAMESPACES, BUBBLEWRAP, LANDLOCK])
def test_a_tier_can_be_asked_for_by_name(tier: str) -> None:
    if not exists(tier):
        pytest.skip(f"{tier} does not exist here")
    with open_boxes(tier, False, 1) as boxes:
        assert [box.tier for box in boxes] == [tier]


@pytest.mark.parametrize("name", ["docker", "", "unsafe"])
def test_an_unknown_tier_is_refused(name: str) -> None:
    with (
        pytest.raises(SandboxError, match="must be one of auto, namespaces, bubblewrap, landlock"),
        open_boxes(name, True, 1),
    ):
        pass


def test_where_namespaces_are_refused_landlock_is_next() -> None:
    if not exists(LANDLOCK):
        pytest.skip("Landlock does not exist here")
    result, log = opened(AUTO, denied=DOCKER)
    assert isinstance(result, list)
    assert result[0].startswith("landlock, ")
    assert result[1] == ["ok\n", "ok\n"]
    assert "INFO programs run in the sandbox landlock" in log


def test_bubblewrap_is_before_landlock() -> None:
    if not exists(BUBBLEWRAP):
        pytest.skip("bubblewrap does not exist here")
    path = os.environ["PATH"]
    assert opened(BUBBLEWRAP, path=path)[0][0].startswith("bubblewrap, ")  # type: ignore[index]


def test_without_any_sandbox_nothing_runs_and_the_reasons_are_named() -> None:
    denied = (*DOCKER, "landlock_create_ruleset")
    result, _ = opened(AUTO, denied=denied, path="/nowhere")
    assert isinstance(result, str)
    assert "\n" not in result
    assert "namespaces: the sandbox failed: [Errno 1] unshare: Operation not permitted" in result
    assert "bubblewrap: the command bwrap is not installed" in result
    assert "landlock: the sandbox failed: [Errno 1] landlock_create_ruleset" in result
    for fix in (
        "kernel.apparmor_restrict_unprivileged_userns=0",
        "user.max_user_namespaces",
        "--security-opt seccomp=unconfined",
        "apt install bubblewrap",
        "score.unsafe_no_sandbox: true",
    ):
        assert fix in result


def test_a_tier_by_name_is_not_replaced_by_another() -> None:
    result, _ = opened(NAMESPACES, denied=DOCKER)
    assert isinstance(result, str)
    assert "unshare" in result
    assert "landlock:" not in result


def test_unsafe_is_used_only_where_nothing_works_and_says_so() -> None:
    result, log = opened(AUTO, unsafe=True, denied=(*DOCKER, "landlock_create_ruleset"))
    assert isinstance(result, list)
    assert result[0].startswith("unsafe, ")
    assert result[1] == ["ok\n", "ok\n"]
    assert "WARNING NO SANDBOX" in log
    if exists(NAMESPACES):
        assert opened(AUTO, unsafe=True)[0][0].startswith("namespaces, ")  # type: ignore[index]


def test_other_systems_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxError, match="on Linux only"), open_boxes(AUTO, True, 1):
        pass


# ---- the canaries


@pytest.fixture
def unsafe_box() -> Iterator[Box]:
    box = Box("unsafe")
    yield box
    box.close()


def test_the_canaries_notice_that_there_is_no_sandbox(unsafe_box: Box) -> None:
    problem = canary.check(unsafe_box)
    for attack in (
        *("read_file", "read_parent", "connect", "fork", "execute", "write_file", "remove_file"),
        *("signal_parent", "signal_all"),
    ):
        assert attack in problem


@pytest.mark.parametrize("attack", ["use_memory", "inherit_files", "inherit_environment"])
def test_each_other_canary_can_fail(
    unsafe_box: Box, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    """They succeed where what they look for is there."""
    if attack == "use_memory":
        monkeypatch.setattr(canary, "_LIMITS", Limits(5.0, 4096))
        monkeypatch.setattr(canary, "_given", lambda _: b'{"memory": 1000000000}')
    elif attack == "inherit_environment":
        monkeypatch.setattr(canary, "_given", lambda _: b'{"environment": []}')
    else:
        opening = "import os\nos.dup2(0, 3)\n"
        monkeypatch.setattr(canary, "_ATTACK", opening + canary._ATTACK)
    assert attack in canary.check(unsafe_box)


def test_an_endless_loop_that_goes_on_is_noticed(
    unsafe_box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "_LOOP", "pass")
    assert canary.check(unsafe_box) == "an endless loop was not stopped"


def test_a_box_in_which_honest_programs_fail_is_noticed(
    unsafe_box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "_HONEST", "import no_such_module")
    assert "no_such_module" in canary.check(unsafe_box)
    monkeypatch.setattr(canary, "_HONEST", "print(1)")
    assert "wrong answer" in canary.check_works(unsafe_box)
