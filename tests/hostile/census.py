"""What must not grow in the world: processes, mounts, descriptors, memory, kernel objects."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 2.0
ZYGOTE_GROWTH_KB, SESSION_GROWTH_KB = 24 << 10, 160 << 10
KERNEL_LISTS = ("/proc/net/unix", "/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg",
                "/proc/self/mountinfo", "/proc/net/tcp", "/proc/net/udp")  # fmt: skip


def processes() -> set[int]:
    """Every process of the world; zombies are waiting to be buried and do not count."""
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                state = Path("/proc", name, "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if state != "Z":
                found.add(int(name))
    return found


def resident_kb(pid: int) -> int:
    """Resident memory of a process; 0 if it has gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def mounts(pid: int) -> int:
    """Mounts a process sees; 0 where we may not know."""
    try:
        return Path(f"/proc/{pid}/mountinfo").read_text().count("\n")
    except OSError:
        return 0


def kernel_objects() -> dict[str, int]:
    """Number of entries in each list the kernel keeps."""
    return {
        path: Path(path).read_text().count("\n") for path in KERNEL_LISTS if os.path.exists(path)
    }


@dataclass
class Census:
    """A state of the world; `growth` compares the present with it."""

    pids: set[int]
    kernel: dict[str, int]
    descriptors: int
    memory_kb: dict[int, int]
    mounts: dict[int, int]

    @staticmethod
    def take() -> Census:
        """Once nothing comes or goes any more: a box does not wait for a program's last process."""
        pids, quiet = processes(), 0
        while quiet < 4:
            time.sleep(0.05)
            before, pids = pids, processes()
            quiet = quiet + 1 if pids == before else 0
        return Census(
            pids, kernel_objects(), len(os.listdir("/proc/self/fd")),
            {pid: resident_kb(pid) for pid in pids}, {pid: mounts(pid) for pid in pids},
        )  # fmt: skip

    def survivors(self) -> int:
        """How many processes more there are than there were; they get time to go."""
        deadline = time.monotonic() + PATIENCE_S
        while (extra := len(processes()) - len(self.pids)) > 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        return max(extra, 0)

    def growth(self) -> list[str]:
        """What has grown beyond its allowance; it then is the new measure, so that no later
        program is blamed for it."""
        found = self._growth()
        if found:
            self.__dict__.update(vars(Census.take()))
        return found

    def _growth(self) -> list[str]:
        found = []
        if extra := self.survivors():
            names = [Path(f"/proc/{pid}/status").read_text().split("\n", 1)[0]
                     for pid in processes() - self.pids]  # fmt: skip
            found.append(f"{extra} processes outlive the program: {names[:5]}")
        for path, count in kernel_objects().items():
            if count > self.kernel[path]:
                found.append(f"{path} has {count - self.kernel[path]} entries more")
        if (extra := len(os.listdir("/proc/self/fd")) - self.descriptors) > 0:
            found.append(f"the harness holds {extra} descriptors more")
        for pid in self.pids & processes():
            allowed = SESSION_GROWTH_KB if pid == os.getpid() else ZYGOTE_GROWTH_KB
            if resident_kb(pid) > self.memory_kb[pid] + allowed:
                found.append(f"process {pid} grew by {resident_kb(pid) - self.memory_kb[pid]} KB")
            if mounts(pid) > self.mounts[pid] > 0:
                found.append(f"process {pid} has {mounts(pid) - self.mounts[pid]} mounts more")
        return found
