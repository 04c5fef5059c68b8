"""What a program finds around it, and what it does not."""

import json
import os
import sys
from pathlib import Path

import pytest

from restem.rewards.sandbox.client import Box, Limits

LIMITS = Limits(cpu_s=5.0, memory_mb=512)


def found(box: Box, source: str) -> object:
    """What a program prints as JSON."""
    with box.program("import json, os, sys\n" + source, LIMITS) as program:
        run = program.run(b"")
    assert run.exit_code == 0, run.stderr
    return json.loads(run.stdout)


def denied(box: Box, expression: str) -> bool:
    """Whether an attempt fails with an error of the system."""
    source = f"try:\n    {expression}\n    print(0)\nexcept (OSError, ValueError): print(1)"
    return found(box, source) == 1


def test_the_environment_holds_nothing_of_ours(box: Box) -> None:
    names = found(box, "print(json.dumps(sorted(os.environ)))")
    assert names == [
        *("HOME", "LANG", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PATH"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "TMPDIR"),
    ]


def test_only_the_three_streams_are_open(box: Box) -> None:
    source = (
        "def is_open(fd):\n    try: os.fstat(fd)\n    except OSError: return False\n"
        "    return True\nprint(json.dumps([fd for fd in range(4096) if is_open(fd)]))"
    )
    assert found(box, source) == [0, 1, 2]
    with box.program("import json, os, sys\n" + source, LIMITS) as program:
        assert [json.loads(program.run(b"").stdout) for _ in range(3)] == [[0, 1, 2]] * 3


def test_no_module_of_the_sandbox_can_be_found(box: Box) -> None:
    assert found(box, "print(json.dumps([m for m in sys.modules if 'restem' in m]))") == []
    source = (
        "try:\n    import restem.rewards.sandbox.zygote\n    print(0)\nexcept ImportError: print(1)"
    )
    assert found(box, source) == 1


def test_the_only_frame_above_holds_no_more_than_how_to_end(box: Box) -> None:
    source = (
        "names = []\nframe = sys._getframe(0).f_back\nwhile frame:\n"
        "    names.append(sorted(n for n in frame.f_globals if n[:2] != '__'))\n"
        "    frame = frame.f_back\nprint(json.dumps(names))"
    )
    allowed = {"_load", "_take", "begin", "code", "end", "problem", "serve"}
    allowed |= {"marshal", "os", "sys", "types"}
    frames = found(box, source)
    assert isinstance(frames, list)
    assert len(frames) == 1
    assert set(frames[0]) <= allowed


def test_a_program_is_nobody_without_capabilities(namespaces_box: Box) -> None:
    box = namespaces_box
    assert found(box, "print(json.dumps(os.getresuid() + os.getresgid()))") == [65534] * 6
    assert found(box, "print(json.dumps(os.getgroups()))") in ([], [65534])
    assert denied(box, "os.setuid(0)")
    assert denied(box, "os.chown('/box', 0, 0)")
    assert denied(box, "os.chroot('/box')")
    assert denied(box, "os.sethostname('x') if hasattr(os, 'sethostname') else os.setuid(0)")


def test_the_root_holds_the_interpreter_and_nothing_else(namespaces_box: Box) -> None:
    box = namespaces_box
    top = found(box, "print(json.dumps(sorted(os.listdir('/'))))")
    assert isinstance(top, list)
    allowed = {"box", "dev", "etc", "lib", "lib64", "tmp", "usr"}
    prefixes = {Path(p).parts[1] for p in (sys.prefix, sys.base_prefix)}
    assert set(top) <= allowed | prefixes
    devices = found(box, "print(json.dumps(sorted(os.listdir('/dev'))))")
    assert devices == ["full", "null", "urandom", "zero"]
    assert found(box, "print(json.dumps(os.listdir('/box')))") == []
    assert found(box, "print(json.dumps([os.getpid(), os.getppid()]))") == [2, 1]
    for path in ("/proc", "/sys", "/home", __file__, os.path.expanduser("~/.bashrc")):
        assert denied(box, f"os.stat({path!r})")
    for path in ("/x", "/usr/lib/x", "/dev/x", f"{sys.prefix}/lib/x"):
        assert denied(box, f"open({path!r}, 'w')")


@pytest.mark.parametrize(
    "attempt",
    [
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv(sys.executable, ['python'])",
        "__import__('subprocess').run(['true'])",
        "__import__('multiprocessing').Process(target=print).start()",
        "__import__('socket').socket()",
        "__import__('socket').socketpair(type=__import__('socket').SOCK_DGRAM)",
        "os.kill(1, 0)",
        "os.kill(-1, 0)",
        "os.kill(0, 0)",
        "os.setpriority(os.PRIO_USER, 0, 5)",
        "os.sched_setaffinity(1, {0})",
        "__import__('resource').prlimit(1, 0)",
        "__import__('fcntl').fcntl(0, 8, 1)",
        "__import__('fcntl').ioctl(0, 0x5412, b'x')",
        "os.memfd_create('x')",
        "os.pidfd_open(1)",
        "os.splice(0, 1, 1)",
        "os.open('/proc/1/environ', 0)",
        "os.open('/etc/shadow', 0)",
        "os.mknod('/box/x', 0o60644, 1)",
    ],
)
def test_is_denied(box: Box, attempt: str) -> None:
    assert denied(box, attempt)


@pytest.mark.parametrize(
    "name", ["ptrace", "bpf", "mount", "unshare", "keyctl", "shmget", "io_uring_setup", "seccomp"]
)
def test_a_raw_system_call_is_denied(box: Box, name: str) -> None:
    from restem.rewards.sandbox.kernel import table

    source = (
        "import ctypes, errno\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"libc.syscall({table()[name]}, 0, 0, 0, 0)\nprint(ctypes.get_errno())"
    )
    assert found(box, source) == 1  # EPERM


def test_a_system_call_nobody_knows_does_not_exist(box: Box) -> None:
    source = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nlibc.syscall(460)\n"
        "print(ctypes.get_errno())"
    )
    assert found(box, source) == 38  # ENOSYS
