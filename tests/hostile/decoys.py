"""What an attack could find or break in the throw-away world, and how we see that it did."""

from __future__ import annotations

import os
import secrets
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

TOKEN = "DECOY_TOKEN"  # the variable that carries the secret into the session
SECRET = os.environ.get(TOKEN, "").rsplit("-", 1)[0] or "SECRET-" + secrets.token_hex(8)
HOME = Path("/home/decoy")
SECRET_FILES = (
    HOME / ".ssh" / "id_ed25519", HOME / ".netrc", HOME / "project" / ".env", Path("/root/.netrc"),
    Path("/etc/decoy.conf"), Path("/etc/shadow"), Path("/var/tmp/decoy-cache"),
    Path("/tmp/decoy-tmp"), Path("/dev/shm/decoy-shm"), Path("/etc/machine-id"),
)  # fmt: skip
MARKERS = (HOME / "marker", Path("/tmp/marker"), Path("/etc/marker"), Path("/var/tmp/marker"),
           Path("/tmp/marker-folder/inside"))  # fmt: skip
WATCHED = ("/", "/home", "/home/decoy", "/tmp", "/tmp/marker-folder", "/var/tmp", "/etc", "/run",
           "/dev", "/dev/shm", "/opt", "/root", "/srv")  # fmt: skip
TCP_PORT, UDP_PORT = 47001, 47002
QUIET = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2,
         signal.SIGIO, signal.SIGCONT, signal.SIGQUIT, signal.SIGPIPE)  # fmt: skip


def furnish_home() -> None:
    """Files with secrets and markers, open to everybody: only a sandbox keeps a program away."""
    for path in (*SECRET_FILES, *MARKERS):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{SECRET}-{path.name}\n" if path in SECRET_FILES else "untouched\n")
        path.chmod(0o666)
    Path("/etc/passwd").write_text(
        "root:x:0:0::/root:/bin/sh\n"
        f"decoy:x:1000:1000:{SECRET}-passwd:/home/decoy:/bin/sh\n"
        "nobody:x:65534:65534::/nonexistent:/bin/false\n"
    )
    Path("/etc/group").write_text("root:x:0:\ndecoy:x:1000:\nnogroup:x:65534:\n")
    for folder in (HOME, HOME / ".ssh", HOME / "project", Path("/tmp/marker-folder")):
        folder.chmod(0o777)


def _state(path: Path) -> tuple[object, ...]:
    """What must stay as it is of a marker; nothing if it is gone."""
    try:
        about, text = path.lstat(), path.read_text()
    except OSError:
        return ()
    return (about.st_mode, about.st_uid, about.st_mtime_ns, about.st_nlink, text)


class Servers:
    """Sockets that answer nobody; the kernel queues whoever connects, and `visits` counts."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        for family, kind, address in self._addresses():
            server = socket.socket(family, kind)
            server.bind(address)
            if kind != socket.SOCK_DGRAM:
                server.listen(16)
            if isinstance(address, str) and address.startswith("/"):
                os.chmod(address, 0o777)
            self._sockets.append(server)

    def _addresses(self) -> list[tuple[int, int, str | tuple[str, int]]]:
        stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
        return [
            (socket.AF_INET, stream, ("0.0.0.0", TCP_PORT)),
            (socket.AF_INET, datagram, ("0.0.0.0", UDP_PORT)),
            (socket.AF_UNIX, stream, "/tmp/decoy.sock"),
            (socket.AF_UNIX, datagram, "/tmp/decoy-dgram.sock"),
            (socket.AF_UNIX, socket.SOCK_SEQPACKET, "/run/decoy.sock"),
            (socket.AF_UNIX, stream, "\0restem-decoy"),
            (socket.AF_UNIX, datagram, "\0restem-decoy"),
        ]

    def visits(self) -> list[str]:
        """Names of the sockets somebody reached since the last call."""
        found = []
        for server in select.select(self._sockets, [], [], 0)[0]:
            found.append(str(server.getsockname()))
            if server.type == socket.SOCK_DGRAM:
                server.recv(4096)
            else:
                server.accept()[0].close()
        return found


class Victim:
    """A process of the user that programs run as, which has done nothing wrong."""

    def __init__(self) -> None:
        nobody = 65534 if os.getuid() == 0 else None
        code = f"import time; secret = '{SECRET}-victim'; time.sleep(100000)"
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", code], user=nobody, group=nobody, cwd="/tmp",
            extra_groups=[] if nobody else None, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def harm(self) -> str:
        """What happened to it, or nothing."""
        if self._process.poll() is not None:
            return f"the victim ended with {self._process.returncode}"
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        state = stat.rsplit(")", 1)[1].split()[0]
        return "" if state in "SRD" else f"the victim is in state {state}"

    def bury(self) -> None:
        self._process.kill()
        self._process.wait()


class Watch:
    """Every decoy at once, and the signals that reach the harness."""

    def __init__(self) -> None:
        self._servers, self._victim = Servers(), Victim()
        self._markers = {path: _state(path) for path in MARKERS}
        self._folders: dict[str, set[str]] = {}
        self._signals: list[int] = []
        self._hostname = socket.gethostname()
        for number in QUIET:
            signal.signal(number, lambda number, _: self._signals.append(number))
        self.accept_folders()
        self._empty = self._folders

    def expect_no_box(self) -> None:
        """From now on the watched folders must be as they were before a box was opened."""
        self._folders = self._empty

    def accept_folders(self) -> None:
        """Take what is in the watched folders now as right: a box has been opened."""
        self._folders = {folder: set(os.listdir(folder)) for folder in WATCHED}

    def leaked(self, *texts: str) -> list[str]:
        """Secrets in what a program printed."""
        return ["a secret was printed" for text in texts if SECRET in text]

    def damage(self) -> list[str]:
        """All that an attack has done since the last call. What is broken then counts as right,
        so that no later program is blamed for it."""
        found = [f"connection to {name}" for name in self._servers.visits()]
        if harm := self._victim.harm():
            found.append(harm)
            self._victim.bury()
            self._victim = Victim()
        for path, before in self._markers.items():
            state = _state(path)
            if state != before:
                found.append(f"{path} has changed")
                self._markers[path] = state
        for folder, names in self._folders.items():
            now = set(os.listdir(folder))
            if now != names:
                found.append(f"{folder}: {sorted(now ^ names)} appeared or went")
                self._folders[folder] = now
        found += [f"signal {number} reached the harness" for number in self._signals]
        self._signals.clear()
        if socket.gethostname() != self._hostname:
            found.append("the host name has changed")
            self._hostname = socket.gethostname()
        return found
