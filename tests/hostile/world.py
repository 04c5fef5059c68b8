"""A world one can throw away: run as a script, it holds a whole test session and dies with it.

    python world.py TIER (root|user) RESULTS [ID ...]

New user, PID, mount, network, IPC and UTS namespaces; a root of tmpfs with read-only views of the
interpreter and this repository; nothing of the real home, /etc, /proc, /dev or network. Its users
are nobody on the real machine, so that even an attack that gets past everything hurts decoys only.
The session (session.py) runs in it as process 2; process 1 only buries the dead. When the process
group of this script is killed, the kernel ends every process in the world.

Exit code 3: this machine refuses such namespaces; the reason is in the results.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import platform
import resource
import signal
import socket
import struct
import sys
import tempfile
import traceback
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
NEW_USER, NEW_NS, OTHERS = 0x10000000, 0x20000, 0x20000000 | 0x40000000 | 0x8000000 | 0x4000000
RDONLY, NOSUID, NODEV, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
KEPT_FLAGS = 2 | 4 | 8 | 0x400 | 0x800 | 0x200000  # what a mount has, it must keep
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
WRITABLE = ("tmp", "home", "etc", "run", "var/tmp", "root", "dev/shm", "opt", "srv")
DEVICES = ("null", "zero", "full", "random", "urandom")
MAX_PROCESSES = 700
UNAVAILABLE = 3
ROOT_ID, USER_ID = 0, 1000

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    """Raises OSError if a system call said no."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    texts = [text.encode() or None for text in (source, target, kind)]
    check(libc.mount(*texts, ctypes.c_ulong(flags), data.encode() or None), f"mount {target}")


def views() -> list[str]:
    """Folders and files of the machine the world may see, parents first."""
    wanted = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime"}
    wanted |= {sys.prefix, sys.base_prefix, os.path.realpath(sys.base_prefix)}
    wanted |= {str(REPO / "src"), str(REPO / "tests" / "hostile")}
    found: list[str] = []
    for path in sorted(wanted):
        if os.path.exists(path) and not any(path.startswith(parent + "/") for parent in found):
            found.append(path)
    return found


def view(path: str, stage: str) -> None:
    """Show one folder or file of the machine, read-only; a link as a link."""
    target = Path(stage + path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.islink(path):
        target.symlink_to(os.readlink(path))
        return
    if os.path.isdir(path):
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    mount(path, str(target), flags=BIND | REC)
    flags = os.statvfs(target).f_flag & KEPT_FLAGS
    mount("", str(target), flags=BIND | REMOUNT | RDONLY | NOSUID | flags)


def build(stage: str) -> None:
    """The skeleton: a tmpfs with folders to write in, the views, and harmless devices."""
    mount("", "/", flags=REC | PRIVATE)
    mount("world", stage, "tmpfs", NOSUID, "size=4m,mode=755")
    for name in ("proc", "old", *WRITABLE):
        Path(stage, name).mkdir(parents=True, exist_ok=True)
        if name in WRITABLE:
            mount("world", f"{stage}/{name}", "tmpfs", NOSUID | NODEV, "size=64m,mode=1777")
    for path in views():
        if not path.startswith("/etc/"):
            view(path, stage)
    for name in DEVICES:
        Path(stage, "dev", name).touch()
        mount(f"/dev/{name}", f"{stage}/dev/{name}", flags=BIND)
    Path(stage, "dev", "fd").symlink_to("/proc/self/fd")


def furnish(stage: str) -> None:
    """Make the skeleton the root, with a /proc of its own."""
    mount(stage, stage, flags=BIND | REC)  # an inherited mount may not become the root
    mount("proc", f"{stage}/proc", "proc")
    for path in views():
        if path.startswith("/etc/"):
            Path(stage + path).write_bytes(Path(path).read_bytes())
    check(libc.syscall(PIVOT_ROOT[platform.machine()], stage.encode(), f"{stage}/old".encode()),
          "pivot_root")  # fmt: skip
    os.chdir("/")
    check(libc.umount2(b"/old", 2), "umount")
    with socket.socket() as any_socket:  # bring up the loopback device
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 1 | 64) + bytes(22))
    check(libc.sethostname(b"throwaway", 9), "sethostname")


def bury(session: int) -> int:
    """What process 1 does: wait for everybody until the session ends. Returns its exit code."""
    while True:
        pid, status = os.wait()
        if pid == session:
            return os.waitstatus_to_exitcode(status) & 255


def become(user_id: int) -> None:
    """Root of the world, or an ordinary user in it. Some other user's files are not ours."""
    if os.getuid() == 0 and user_id:
        os.setgroups([])
        os.setresgid(user_id, user_id, user_id)
        os.setresuid(user_id, user_id, user_id)


def start_session(tier: str, user_id: int, results: int, names: list[str]) -> None:
    """Replace this process by the session, in a clean environment with a decoy in it."""
    from hostile.decoys import SECRET, TOKEN, furnish_home

    furnish_home()
    become(user_id)
    resource.setrlimit(resource.RLIMIT_NPROC, (MAX_PROCESSES, MAX_PROCESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.set_inheritable(results, True)
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/home/decoy",
        "LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(map(str, (REPO / "src", REPO / "tests"))),
        TOKEN: SECRET + "-environment", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    script = str(Path(__file__).with_name("session.py"))
    arguments = [sys.executable, "-B", script, tier, str(results), *names]
    os.chdir("/home/decoy")
    os.execve(sys.executable, arguments, environment)


def live(stage: str, tier: str, user_id: int, results: int, names: list[str]) -> int:
    """Process 1 of the world. Returns the exit code of the session."""
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)
    furnish(stage)
    session = os.fork()
    if session == 0:
        os.setsid()
        start_session(tier, user_id, results, names)
    return bury(session)


def identities(user: str) -> tuple[str, int]:
    """The uid map (also the gid map) of the world, and who the session is.

    Raises PermissionError for a world with a root of its own where we are an ordinary user.
    """
    if os.getuid() == 0:
        return "0 100000 65536", ROOT_ID if user == "root" else USER_ID
    if user == "root":
        raise PermissionError("only root can make a world with a root of its own")
    return f"{USER_ID} {os.getuid()} 1", USER_ID


def enter(stage: str, privileged: bool, ready: int, mapped: int) -> None:
    """Go into the namespaces; the parent writes our id maps meanwhile."""
    if privileged:
        check(libc.unshare(NEW_NS), "unshare")
        build(stage)
    check(libc.unshare(NEW_USER | NEW_NS | OTHERS), "unshare")
    os.write(ready, b"1")
    if os.read(mapped, 1) != b"1":
        raise OSError("no id map")
    if privileged:
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    else:
        build(stage)


def write_maps(pid: int, id_map: str) -> None:
    """The ids of the world; an ordinary user may map only itself."""
    if os.getuid():
        Path(f"/proc/{pid}/setgroups").write_text("deny")
    Path(f"/proc/{pid}/uid_map").write_text(id_map)
    gid_map = id_map if os.getuid() == 0 else f"{USER_ID} {os.getgid()} 1"
    Path(f"/proc/{pid}/gid_map").write_text(gid_map)


def inhabit(stage: str, tier: str, user: str, results: int, names: list[str]) -> int:
    """Make the world, let the session run in it, and return its exit code."""
    id_map, user_id = identities(user)
    (ready, is_ready), (mapped, is_mapped) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        code = UNAVAILABLE
        try:
            enter(stage, os.getuid() == 0, is_ready, mapped)
            libc.prctl(1, signal.SIGKILL, 0, 0, 0)
            first = os.fork()
            code = live(stage, tier, user_id, results, names) if first == 0 else bury(first)
        except OSError as error:
            os.write(results, (json.dumps({"unavailable": str(error)}) + "\n").encode())
        except BaseException:  # noqa: BLE001 - printed, and the process ends
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(is_ready)
    if os.read(ready, 1) == b"1":
        write_maps(child, id_map)
        os.write(is_mapped, b"1")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 255


def main(tier: str, user: str, results_file: str, *names: str) -> int:
    """See the top of this file."""
    results = os.open(results_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    Path("/proc/self/oom_score_adj").write_text("900")
    stage = tempfile.mkdtemp(prefix="world-")
    os.chmod(stage, 0o755)
    os.write(results, (json.dumps({"stage": stage}) + "\n").encode())
    try:
        return inhabit(stage, tier, user, results, list(names))
    except PermissionError as error:
        os.write(results, (json.dumps({"unavailable": str(error)}) + "\n").encode())
        return UNAVAILABLE
    finally:
        os.rmdir(stage)


if __name__ == "__main__":
    sys.path.insert(0, str(REPO / "tests"))
    sys.exit(main(*sys.argv[1:]))
