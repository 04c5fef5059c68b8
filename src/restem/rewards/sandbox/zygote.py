"""The process a box starts: a Python that has imported what programs use, and waits to be copied.

It sets up its tier once, then forks one process per program (`host`). It never sees anything but
sources and inputs, dies with the box, and ends itself on the first thing it did not expect.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import sys
import traceback
from contextlib import suppress
from types import CodeType

from restem.rewards.sandbox import confine, execute, host, kernel, landlock, seccomp, world
from restem.rewards.sandbox.child import Place
from restem.rewards.sandbox.empty import empty_folder
from restem.rewards.sandbox.execute import begin, end
from restem.rewards.sandbox.protocol import (
    BUBBLEWRAP,
    FAULT,
    LANDLOCK,
    NAMESPACES,
    READY,
    UNSAFE,
    Answer,
    Settings,
    receive_settings,
    send,
)
from restem.rewards.sandbox.watch import Watch

__all__ = ["begin", "end", "serve"]

_THREADS = 64 + 3  # a program's, and the processes around it
_SHARED_THREADS = 8192  # where nobody's processes of the whole machine count
_MANY_THREADS = 1024  # of one program there, and where no limit holds for its user


def serve() -> CodeType | bytes:
    """Read the settings, set up, then serve programs for ever. Returns, in a process that is to
    run a program, its code."""
    wanted = receive_settings(0)
    os.umask(0o022)  # none of these three is to depend on who started the box
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if wanted.parent:
        kernel.die_with_parent(wanted.parent)
    _preload(wanted.preload)
    try:
        place = _set_up(wanted)
    except OSError as problem:
        send(1, Answer(FAULT, str(problem).encode("utf-8", "replace")))
        os._exit(1)
    send(1, Answer(READY))
    return _serve(wanted.tier, place)


def _preload(names: tuple[str, ...]) -> None:
    for name in names:
        with suppress(Exception):
            importlib.import_module(name)


# ---- setting up


def _set_up(settings: Settings) -> Place:
    """Enter the tier, and give up what is not needed in it. Raises OSError."""
    _keep_proc(settings.proc)
    identity = _identity(settings, own_users=_enter(settings))
    confine.limit_zygote(identity)
    confinement = restrict = None
    if settings.tier == LANDLOCK:
        readable = [*settings.visible, settings.stage]
        restrict = landlock.prepare(readable, world.DEVICES, confine.RULES)
    if settings.tier != UNSAFE:
        exposed = settings.tier == LANDLOCK or not world.devices_are_read_only()
        extra = seccomp.METADATA if exposed else ""
        confinement = confine.for_children(identity, seccomp.for_program(extra), restrict)
        confine.confine_zygote(identity, seccomp.for_zygote())
    if settings.tier in (NAMESPACES, BUBBLEWRAP) or settings.parent:
        kernel.die_with_parent(0)  # again: a change of identity undoes it
    shared = settings.tier != NAMESPACES  # also bubblewrap: no limit holds for root
    watch = Watch(
        world.BOX if settings.tier == BUBBLEWRAP else "",
        world.BOX_FILES,
        confine.PROC,
        _MANY_THREADS if shared else 0,
    )
    execute.prepare()
    sys.path[1:] = [path for path in sys.path[1:] if path.startswith(settings.visible)]
    os.closerange(3, confine.RULES)
    _hide()
    gc.collect()
    gc.freeze()
    folder = "" if settings.tier == LANDLOCK else os.getcwd()
    base_bytes = confine.address_space_in_use()
    return Place(confinement, kernel.prepare_fork(), base_bytes, watch, folder)


def _keep_proc(inherited: int) -> None:
    """At its own place, which setting up leaves alone."""
    if inherited < 0:
        os.closerange(confine.PROC, confine.PROC + 1)
    elif inherited != confine.PROC:
        os.dup2(inherited, confine.PROC)
        os.close(inherited)


def _enter(settings: Settings) -> bool:
    """Whether no process outside counts against the limits of the users in here."""
    own_users = settings.tier == BUBBLEWRAP
    if settings.tier == BUBBLEWRAP:
        world.protect_devices(confine.PROC)
    if settings.tier == NAMESPACES:
        own_users = world.leave(settings.stage, settings.visible)
        _fork_into_new_pid_namespace(settings.parent)
    os.environ.pop("PWD", None)  # of bwrap
    os.chdir(world.BOX if settings.tier in (NAMESPACES, BUBBLEWRAP) else settings.stage)
    return own_users


def _identity(settings: Settings, own_users: bool) -> confine.Identity:
    switch = os.geteuid() == 0 and settings.tier in (NAMESPACES, LANDLOCK)
    read_all = switch and not _nobody_can_read(settings.visible)
    threads = _THREADS if own_users else _SHARED_THREADS if switch else 0
    return confine.Identity(switch, read_all, threads)


def _hide() -> None:
    """Take our modules out of `sys.modules`: whoever needs them holds them."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "restem"]:
        del sys.modules[name]


def _fork_into_new_pid_namespace(parent: int) -> None:
    """Continue as its process 1; the process left behind only waits."""
    pid = os.fork()
    if pid == 0:
        return
    if parent:
        kernel.die_with_parent(parent)  # again: a new user namespace has undone it
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    _, status = os.waitpid(pid, 0)
    os._exit(1 if status else 0)


def _nobody_can_read(paths: tuple[str, ...]) -> bool:
    """Whether uid 65534 may read the interpreter's files: they may lie in a folder of root's."""
    modules = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    wanted = [path for path in (*paths, *modules) if path and os.path.exists(path)]
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(confine.NOBODY, confine.NOBODY, confine.NOBODY)
        os.setresuid(confine.NOBODY, confine.NOBODY, confine.NOBODY)
        os._exit(0 if all(os.access(path, os.R_OK) for path in wanted) else 1)
    return os.waitpid(pid, 0)[1] == 0


# ---- serving


def _serve(tier: str, place: Place) -> CodeType | bytes:
    """One process per program. That process reads the request itself, so that no program finds
    its predecessor's source in memory copied from here."""
    apart = tier == NAMESPACES
    fork = kernel.prepare_fork(world.PER_PROGRAM if apart else 0)
    box = world.prepare_fresh_box() if apart else None
    poll = select.poll()
    poll.register(0, select.POLLIN)
    while True:
        if not poll.poll()[0][1] & select.POLLIN:
            os._exit(0)  # the box is gone
        pid = fork.make()
        if pid == 0:
            return _host(place, box)
        _, status = os.waitpid(pid, 0)
        if status:
            send(1, Answer(FAULT, b"the process around a program ended (%d)" % status))
            os._exit(1)
        if tier == BUBBLEWRAP and os.getpid() == 1:
            host.end_all_others()
        if tier in (BUBBLEWRAP, UNSAFE):
            empty_folder(os.getcwd())


def _host(place: Place, box: kernel.Call | None) -> CodeType | bytes:
    """In a program's process."""
    try:
        kernel.die_with_parent(0)
        if box is not None:
            box.make()
            os.chdir(world.BOX)
        return host.serve(place)
    except EOFError:
        os._exit(0)  # the box is gone
    except BaseException as problem:  # noqa: BLE001 - whatever it is, this process is no good
        if not isinstance(problem, host.Fault):
            traceback.print_exc()
        with suppress(OSError):
            text = str(problem) or type(problem).__name__
            send(1, Answer(FAULT, text.encode("utf-8", "replace")))
        os._exit(1)
