"""A machine of its own for a zygote: namespaces, and a read-only root with the interpreter's files.

No /proc, no network but a loopback that is down, four devices, and /box, where each program gets a
fresh file system. Works as root and as any user who may make user namespaces.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterable
from contextlib import suppress

from restem.rewards.sandbox import kernel
from restem.rewards.sandbox.confine import NOBODY

_NEW_NS, _NEW_CGROUP, _NEW_UTS, _NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
_NEW_USER, _NEW_PID, _NEW_NET = 0x10000000, 0x20000000, 0x40000000
_ALL = _NEW_NS | _NEW_CGROUP | _NEW_UTS | _NEW_IPC | _NEW_PID | _NEW_NET
PER_PROGRAM = _NEW_PID | _NEW_NS | _NEW_IPC

_RDONLY, _NOSUID, _NODEV, _NOEXEC = 1, 2, 4, 8
_REMOUNT, _BIND, _REC, _PRIVATE = 32, 4096, 16384, 1 << 18
_DETACH = 2

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/urandom")
BOX = "/box"
BOX_BYTES = 32 << 20
BOX_FILES = 512


def leave(stage: str, visible: Iterable[str]) -> bool:
    """Move this process into namespaces of its own and onto a root that holds only `visible`.

    stage: an empty folder of our own, outside everything visible. Processes forked from now on are
    in the new PID namespace. Returns whether users are a namespace's own, too. Raises: OSError
    naming the step.
    """
    own_users = _unshare()
    kernel.mount(None, "/", None, _REC | _PRIVATE, None)
    kernel.mount("tmpfs", stage, "tmpfs", _NOSUID | _NODEV, "size=4m,nr_inodes=4096,mode=755")
    for path in visible:
        _show(path, stage)
    os.mkdir(stage + "/dev")
    for device in DEVICES:
        _bind_device(device, stage + device)
    for folder in (BOX, "/old"):
        os.mkdir(stage + folder)
    if not os.path.lexists(stage + "/tmp"):
        os.symlink("box", stage + "/tmp")
    kernel.call("pivot_root", os.fsencode(stage), os.fsencode(stage + "/old"))
    os.chdir("/")
    kernel.call("umount2", b"/old", _DETACH)
    os.rmdir("/old")
    kernel.mount(None, "/", None, _BIND | _REMOUNT | _RDONLY | _NOSUID | _NODEV, None)
    kernel.call("sethostname", b"sandbox", len("sandbox"))
    return own_users


def prepare_fresh_box() -> kernel.Call:
    """Mounts an empty file system of 32 MB at /box, for a process in a mount namespace of its
    own."""
    options = f"size={BOX_BYTES},nr_inodes={BOX_FILES},mode=1777"
    return kernel.prepare_mount("tmpfs", BOX, "tmpfs", _NOSUID | _NODEV | _NOEXEC, options)


# ---- user namespace


def _unshare() -> bool:
    """Root keeps two identities in a user namespace, its own and nobody's; a user one, nobody's.

    Root where user namespaces are switched off goes without: it may make the others. Returns
    whether there is a user namespace.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0:
        kernel.call("unshare", _NEW_USER | _ALL)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{NOBODY} {uid} 1")
        _write("/proc/self/gid_map", f"{NOBODY} {gid} 1")
        return True
    try:
        _unshare_as_root()
    except OSError as problem:
        if problem.errno not in (errno.EPERM, errno.ENOSPC, errno.EINVAL, errno.EUSERS):
            raise
        kernel.call("unshare", _ALL)
        return False
    return True


def _unshare_as_root() -> None:
    """Two identities can only be mapped from outside, hence the helper process."""
    waits, starts = os.pipe()
    pid = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.close(starts)
        _map_identities(waits, pid)
    os.close(waits)
    try:
        kernel.call("unshare", _NEW_USER | _ALL)
        os.write(starts, b"!")
    finally:
        os.close(starts)
        _, status = os.waitpid(helper, 0)
    if status != 0:
        raise OSError("user namespace: root's and nobody's identity could not be mapped")


def _map_identities(waits: int, pid: int) -> None:
    """In the helper: never returns."""
    status = 1
    try:
        if os.read(waits, 1):
            for name in ("uid_map", "gid_map"):
                _write(f"/proc/{pid}/{name}", f"0 0 1\n{NOBODY} {NOBODY} 1")
            status = 0
    finally:
        os._exit(status)


def _write(path: str, text: str, folder: int | None = None) -> None:
    """folder: a descriptor of the one the path begins in."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=folder)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


# ---- devices


def protect_devices(proc: int) -> None:
    """In bubblewrap's world, which has the devices as they are on the machine: mount them read-only
    in namespaces of our own, if they may be made. proc: a descriptor of /proc."""
    with suppress(OSError):
        kernel.call("unshare", _NEW_USER | _NEW_NS)
        for name in ("uid_map", "gid_map"):
            _write(f"self/{name}", f"{NOBODY} {NOBODY} 1", proc)
        for device in DEVICES:
            _make_device_read_only(device)


def devices_are_read_only() -> bool:
    """Whether the owner of a device may not change its mode or times here."""
    return all(os.statvfs(device).f_flag & _RDONLY for device in DEVICES)


# ---- root


def _show(path: str, root: str) -> None:
    """Make a file or folder visible at its own path, read-only; a link stays a link."""
    target = root + path
    if os.path.lexists(target) or not os.path.exists(path):
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(path):
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.mkdir(target)
    else:
        _write(target, "")
    kernel.mount(path, target, None, _BIND | _REC, None)
    _make_read_only(target)


def _make_read_only(target: str) -> None:
    """With everything mounted beneath, where the kernel has mount_setattr (5.12)."""
    at_fdcwd, recursive = -100, 0x8000
    attributes = struct.pack("<4Q", _RDONLY | _NOSUID | _NODEV, 0, 0, 0)
    arguments = (at_fdcwd, os.fsencode(target), recursive, attributes, len(attributes))
    try:
        kernel.call("mount_setattr", *arguments)
    except OSError as problem:
        if problem.errno != errno.ENOSYS:
            raise
        kept = os.statvfs(target).f_flag & (_NOEXEC | 0x400 | 0x800 | 0x200000)  # atime settings
        flags = _BIND | _REMOUNT | _RDONLY | _NOSUID | _NODEV | kept
        kernel.mount(None, target, None, flags, None)


def _bind_device(device: str, target: str) -> None:
    _write(target, "")
    kernel.mount(device, target, None, _BIND, None)
    _make_device_read_only(target)


def _make_device_read_only(target: str) -> None:
    """One may write to it as before, and not change its owner, mode or times."""
    kept = os.statvfs(target).f_flag & (_NOEXEC | 0x400 | 0x800 | 0x200000)  # atime settings
    kernel.mount(None, target, None, _BIND | _REMOUNT | _RDONLY | _NOSUID | kept, None)
