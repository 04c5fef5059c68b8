"""Parts of the sandbox on their own."""

import os
import re
import stat
from pathlib import Path

import pytest

from restem.rewards.sandbox import launch
from restem.rewards.sandbox.confine import address_space_in_use
from restem.rewards.sandbox.empty import empty_folder
from restem.rewards.sandbox.protocol import MAX_OUTPUT, Answer, Ask, read_answer, read_ask
from restem.rewards.sandbox.syscalls import LAST, numbers

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", HEADERS)
def test_system_call_numbers_are_the_systems(machine: str) -> None:
    header = HEADERS[machine]
    if not header.is_file():
        pytest.skip(f"no {header}")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    known = {name: int(number) for name, number in found}
    table = numbers(machine)
    assert table.items() <= known.items()
    assert max(table.values()) <= LAST
    assert {"clone", "clone3", "execve", "socket", "ptrace", "bpf"} <= set(table)


def test_another_architecture_has_no_table() -> None:
    with pytest.raises(KeyError):
        numbers("riscv64")


class Pipe:
    """Hands bytes out in small pieces, as a pipe may."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, size: int) -> bytes:
        part, self.data = self.data[: min(size, 7)], self.data[min(size, 7) :]
        return part


def test_messages_survive_the_pipe() -> None:
    ask = Ask("program", bytes(range(256)) * 10, 1.5, 6.5, 512)
    answer = Answer("ran", b"out" * 100, b"\0\xff", "output", -9, 0.25, 0.5)
    pipe = Pipe(ask.pack() + answer.pack())
    assert read_ask(pipe.read) == ask
    assert read_answer(pipe.read) == answer
    with pytest.raises(EOFError):
        read_answer(pipe.read)


def test_half_a_message_is_the_end() -> None:
    with pytest.raises(EOFError):
        read_ask(Pipe(Ask("run", b"abc").pack()[:-1]).read)


def test_an_answer_longer_than_allowed_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        read_answer(Pipe(Answer("ran", b"x" * (MAX_OUTPUT + 1)).pack()).read)


def test_a_folder_is_emptied_whatever_is_in_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    box = tmp_path / "box"
    box.mkdir()
    here = os.fsencode(box)
    for number in range(300):
        here += b"/d"
        os.mkdir(here)
        Path(os.fsdecode(here + b"\xff\n%d" % number)).write_text("x")
    (box / "0").mkdir()
    (box / "1").write_text("x")
    (box / "link").symlink_to(outside)
    os.mkfifo(box / "fifo")
    (box / "d" / "link").symlink_to(outside / "kept")
    (box / "d" / "locked").mkdir(mode=stat.S_IRUSR)
    (box / "d" / "locked").chmod(0)
    box.chmod(0)
    empty_folder(str(box))
    assert list(box.iterdir()) == []
    assert (outside / "kept").read_text() == "x"


def test_the_address_space_in_use_is_what_the_kernel_says() -> None:
    measured = address_space_in_use()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    assert abs(measured - pages * os.sysconf("SC_PAGE_SIZE")) < 4 << 20


def test_programs_see_libraries_and_not_the_rest_of_a_prefix() -> None:
    shown = launch.visible()
    assert "/" not in shown
    assert "/usr" not in shown
    assert not any(Path.cwd().is_relative_to(path) for path in shown)
    assert not any(Path.home().is_relative_to(path) for path in shown)
