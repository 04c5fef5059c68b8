"""The system call filters: deny-lists in BPF, assembled here.

A program is behind two. The zygote's, for what neither it nor programs need, is loaded once; the
other, loaded by each program's process, is short, since loading takes a microsecond per line. A
denied call fails with EPERM, a call newer than the table with ENOSYS (glibc then falls back to an
older one), another architecture's calls kill. Threads may be made, processes may not. Flushes,
hints and record locks are answered with success and not made. Of calls that are many in one (fcntl,
ioctl, prctl) only what programs need is allowed: kernels add to them.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from dataclasses import dataclass, replace

from restem.rewards.sandbox import kernel
from restem.rewards.sandbox.syscalls import LAST

_NOBODY_MAY = """
execve execveat
socket connect bind listen accept accept4 setsockopt
tkill pidfd_send_signal pidfd_getfd
ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp get_robust_list
setpriority ioprio_set sched_setattr sched_setparam sched_setscheduler
migrate_pages move_pages mbind set_mempolicy set_mempolicy_home_node
pivot_root chroot unshare setns open_tree move_mount fsopen fsconfig fsmount fspick
mount_setattr name_to_handle_at open_by_handle_at
bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register
io_setup io_submit io_destroy io_getevents io_cancel io_pgetevents
add_key request_key keyctl
shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl
mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
memfd_secret remap_file_pages splice tee vmsplice
fanotify_init fanotify_mark inotify_init inotify_init1 inotify_add_watch
swapon swapoff reboot kexec_load kexec_file_load init_module finit_module delete_module
create_module get_kernel_syms query_module
acct quotactl quotactl_fd settimeofday clock_settime adjtimex clock_adjtime syslog
sethostname setdomainname iopl ioperm modify_ldt personality uselib ustat sysfs nfsservctl vhangup
lookup_dcookie _sysctl vserver afs_syscall getpmsg putpmsg security tuxcall
epoll_ctl_old epoll_wait_old set_thread_area get_thread_area
setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
sendmsg sendmmsg membarrier mlock mlock2 mlockall flock
"""
"""Among them what takes kernel memory that no limit counts: extended attributes of a file in
memory, descriptors on their way through a socket. And flock, which keeps others out of any file
that one may read."""

_CHANGES_NOTHING = """
fsync fdatasync sync syncfs sync_file_range msync fadvise64 readahead
"""
"""Answered with success and not made. What a program writes lies in memory anyway; on the machine's
own files these calls flush or evict what others use."""

METADATA = """
chmod fchmod fchmodat chown fchown lchown fchownat utime utimes futimesat utimensat truncate
"""
"""For where the machine's own files or devices are not on read-only mounts: Landlock does not
restrict these, and a program may run as their owner."""

_PROGRAM_MAY_NOT = """
fork vfork mount umount2 seccomp memfd_create pidfd_open
landlock_create_ruleset landlock_add_rule landlock_restrict_self
"""

_SELF = -1  # stands for the program's own pid
_Rules = dict[str, tuple[int, tuple[int, ...]]]
"""Call to argument number and values."""

_ZYGOTE_ONLY: _Rules = {  # the values the argument may have
    "sched_setaffinity": (0, (0,)),
    "fallocate": (1, (0,)),  # other modes reserve memory beyond RLIMIT_FSIZE
    "close_range": (2, (0, 4)),  # not UNSHARE: a table of open files for each thread
    # TCGETS, TIOCGPGRP, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, TCGETS2
    "ioctl": (1, (0x5401, 0x540F, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x802C542A)),
}
_ZYGOTE_NEVER: _Rules = {  # the values the argument may not have
    # MERGEABLE, COLD, PAGEOUT, HWPOISON, SOFT_OFFLINE: they reach what others use, too
    "madvise": (2, (12, 20, 21, 100, 101)),
}
# DUPFD, GETFD, SETFD, GETFL, SETFL, GETLK, GETOWN, OFD_GETLK, DUPFD_CLOEXEC, GETPIPE_SZ, GET_SEALS
_FCNTL = (0, 1, 2, 3, 4, 5, 9, 36, 1030, 1032, 1034)
# SETLK, SETLKW: answered and not made. Each lock would take memory that no limit counts; among the
# threads of one process they never wait, and a database in a file asks for them
_FCNTL_LOCKS = (6, 7)
_PROGRAM_ONLY: _Rules = {
    "kill": (0, (_SELF,)),
    "tgkill": (0, (_SELF,)),
    "rt_sigqueueinfo": (0, (_SELF,)),
    "rt_tgsigqueueinfo": (0, (_SELF,)),
    "prlimit64": (0, (0, _SELF)),
    # GET_PDEATHSIG, GET_DUMPABLE, GET_KEEPCAPS, SET_NAME, GET_NAME, GET_SECCOMP, CAPBSET_READ,
    # SET_TIMERSLACK, GET_TIMERSLACK, SET_NO_NEW_PRIVS, GET_NO_NEW_PRIVS
    "prctl": (0, (2, 3, 7, 15, 16, 21, 23, 29, 30, 38, 39)),
}
_MAP_HUGETLB = 0x40000  # pages the machine has set aside for somebody else
_CLONE_THREAD = 0x00010F00
"""THREAD, and what goes with it in every library: the same memory, directory, open files, signal
handlers. A thread with a table of its own could open as many files again."""
_CLONE_NEW = 0x7E020000
_AF_UNIX = 1  # asyncio wakes itself through a pair of stream sockets; they take no address
_SOCK_STREAM = 1

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000

_LOAD, _EQUAL, _GREATER, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x54, 6
_DONE = (_RETURN, 0, 0, 0x00050000)  # error 0
_ALLOW = (_RETURN, 0, 0, 0x7FFF0000)
_KILL = (_RETURN, 0, 0, 0x80000000)
_DENY = (_RETURN, 0, 0, 0x00050000 | errno.EPERM)
_UNKNOWN = (_RETURN, 0, 0, 0x00050000 | errno.ENOSYS)

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand."""


@dataclass(frozen=True, slots=True)
class Filter:
    """An assembled filter."""

    code: kernel.Buffer
    pid_at: tuple[int, ...]
    """Offsets in it where the program's own pid belongs."""
    load: kernel.Call
    """Filters the process that makes it from then on; no_new_privs must be set."""

    def be_for(self, pid: int) -> None:
        """Let this process, of whose memory the filter is a part, load it for itself."""
        for offset in self.pid_at:
            struct.pack_into("<i", self.code, offset, pid)


def for_zygote() -> Filter:
    """What neither the zygote nor programs may do.

    Raises: OSError if the architecture has no table.
    """
    numbers = kernel.table()
    rules = _rules(numbers, _ZYGOTE_ONLY, _ZYGOTE_NEVER)
    rules += _branch(numbers["fcntl"], 1, [(_FCNTL, _ALLOW), (_FCNTL_LOCKS, _DONE)], _DENY)
    rules += [*_socketpair(numbers), *_mmap(numbers)]
    return _assemble(numbers, _NOBODY_MAY, rules, _CHANGES_NOTHING)


def for_program(extra: str = "") -> Filter:
    """What, on top of that, programs may not do: processes, signals to others, more privileges.
    extra: names of further calls to deny. The zygote may need those to clean up after a program."""
    numbers = kernel.table()
    rules = _rules(numbers, _PROGRAM_ONLY, {})
    return _assemble(numbers, _PROGRAM_MAY_NOT + extra, [*rules, *_clone(numbers)])


def _assemble(
    numbers: dict[str, int], denied: str, rules: list[Instruction], undone: str = ""
) -> Filter:
    steps = [*_preamble(), *_answer(numbers, denied, _DENY), *_answer(numbers, undone, _DONE)]
    steps += [*rules, _ALLOW]
    pid_at = tuple(8 * at + 4 for at, step in enumerate(steps) if step[3] == _SELF)
    code = b"".join(struct.pack("<HBBi", c, t, f, _signed(k)) for c, t, f, k in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(steps), ctypes.addressof(buffer))
    set_mode_filter = 1
    load = kernel.prepare("seccomp", set_mode_filter, 0, program)
    return Filter(buffer, pid_at, replace(load, buffers=(*load.buffers, buffer)))


def _rules(numbers: dict[str, int], only: _Rules, never: _Rules) -> list[Instruction]:
    steps: list[Instruction] = []
    for name, (argument, values) in only.items():
        steps += _branch(numbers[name], argument, [(values, _ALLOW)], _DENY)
    for name, (argument, values) in never.items():
        steps += _branch(numbers[name], argument, [(values, _DENY)], _ALLOW)
    return steps


def _preamble() -> list[Instruction]:
    number, architecture = 0, 4  # offsets in struct seccomp_data
    machine = platform.machine()
    steps = [(_LOAD, 0, 0, architecture), (_EQUAL, 1, 0, _AUDIT_ARCH[machine]), _KILL]
    steps.append((_LOAD, 0, 0, number))
    if machine == "x86_64":
        steps += [(_AT_LEAST, 0, 1, _X32), _KILL]
    return [*steps, (_GREATER, 0, 1, LAST), _UNKNOWN]


def _answer(numbers: dict[str, int], names: str, answer: Instruction) -> list[Instruction]:
    """The same for each of these calls. Jumps reach 255 instructions, hence blocks."""
    known = sorted(numbers[name] for name in names.split() if name in numbers)
    steps: list[Instruction] = []
    for start in range(0, len(known), 200):
        block = known[start : start + 200]
        for at, number in enumerate(block):
            last = at == len(block) - 1
            steps.append((_EQUAL, len(block) - at - 1, 1 if last else 0, number))
        steps.append(answer)
    return steps


def _branch(
    number: int,
    argument: int,
    cases: list[tuple[tuple[int, ...], Instruction]],
    other: Instruction,
) -> list[Instruction]:
    """For one call: the answer that goes with the argument's value, else `other`."""
    wanted = [(value, case) for case, (values, _) in enumerate(cases) for value in values]
    count = len(wanted)
    tests = [(_EQUAL, count - at + case, 0, value) for at, (value, case) in enumerate(wanted)]
    answers = [answer for _, answer in cases]
    body = [(_LOAD, 0, 0, 16 + 8 * argument), *tests, other, *answers]
    return [(_EQUAL, 0, len(body), number), *body]


def _clone(numbers: dict[str, int]) -> list[Instruction]:
    """Threads only; clone3 hides its flags in memory, so it does not exist here."""
    return [
        (_EQUAL, 0, 1, numbers["clone3"]),
        _UNKNOWN,
        (_EQUAL, 0, 6, numbers["clone"]),
        (_LOAD, 0, 0, 16),
        (_ANY_BIT, 3, 0, _CLONE_NEW),
        (_AND, 0, 0, _CLONE_THREAD),
        (_EQUAL, 0, 1, _CLONE_THREAD),
        _ALLOW,
        _DENY,
    ]


def _mmap(numbers: dict[str, int]) -> list[Instruction]:
    return [
        (_EQUAL, 0, 4, numbers["mmap"]),
        (_LOAD, 0, 0, 16 + 8 * 3),
        (_ANY_BIT, 0, 1, _MAP_HUGETLB),
        _DENY,
        _ALLOW,
    ]


def _socketpair(numbers: dict[str, int]) -> list[Instruction]:
    return [
        (_EQUAL, 0, 7, numbers["socketpair"]),
        (_LOAD, 0, 0, 16),
        (_EQUAL, 0, 4, _AF_UNIX),
        (_LOAD, 0, 0, 24),
        (_AND, 0, 0, 0xF),
        (_EQUAL, 0, 1, _SOCK_STREAM),
        _ALLOW,
        _DENY,
    ]


def _signed(value: int) -> int:
    return value - (1 << 32) if value >= 1 << 31 else value
