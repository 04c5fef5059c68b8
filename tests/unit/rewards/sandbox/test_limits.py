"""Every limit: what stops a program that goes over it, and that it does not go further."""

import os
import threading

import pytest

from restem.rewards.sandbox.client import Box, Limits, Run

pytestmark = pytest.mark.slow  # many starts of sandboxes

LIMITS = Limits(cpu_s=5.0, memory_mb=256)
MB = 1 << 20


def run(box: Box, source: str, limits: Limits = LIMITS) -> Run:
    with box.program(source, limits) as program:
        assert program.compile_error is None
        return program.run(b"")


def test_wall_time_is_much_wider_than_cpu_time() -> None:
    assert Limits(cpu_s=4.0, memory_mb=1).wall_s == 14.0


def test_cpu_time_is_cut_soon_after_the_limit(box: Box) -> None:
    ended = run(box, "print('begun', flush=True)\nwhile True: pass", Limits(0.3, 256))
    assert (ended.limit, ended.exit_code, ended.stdout) == ("cpu", -9, b"begun\n")
    assert 0.3 < ended.cpu_s < 0.6


def test_the_kernel_limit_of_cpu_time_leaves_the_verdict_to_us(box: Box) -> None:
    """It counts in ticks, on a busy machine up to a third too many."""
    ended = run(box, "import resource\nprint(resource.getrlimit(resource.RLIMIT_CPU))")
    soft, hard = map(int, ended.stdout.strip(b"()\n").split(b","))
    assert hard == soft > 2 * LIMITS.cpu_s


def test_cpu_time_of_threads_is_added_up(box: Box) -> None:
    pytest.importorskip("numpy")
    source = (
        "import threading, hashlib\ndata = bytes(1 << 20)\n"
        "def f():\n    for _ in range(100000): hashlib.sha256(data)\n"
        "for _ in range(2): threading.Thread(target=f).start()"
    )
    ended = run(box, source, Limits(0.4, 256))
    assert ended.limit == "cpu"


def test_a_program_over_its_cpu_time_that_ends_by_itself_is_over_it(box: Box) -> None:
    source = "import time\nwhile time.process_time() < 0.25: pass\nprint('done')"
    assert run(box, source, Limits(0.2, 256)).limit == "cpu"
    assert run(box, source, Limits(1.0, 256)).limit == ""


def test_each_run_has_the_whole_cpu_time(box: Box) -> None:
    source = (
        "import time\nstart = time.process_time()\nwhile time.process_time() - start < 0.3: pass"
    )
    with box.program(source, Limits(0.5, 256)) as program:
        assert [program.run(b"").limit for _ in range(4)] == [""] * 4


def test_sleeping_is_cut_by_the_clock(box: Box) -> None:
    ended = run(box, "import time\ntime.sleep(60)", Limits(0.1, 256))
    assert (ended.limit, ended.exit_code) == ("wall", -9)
    assert 2.3 <= ended.wall_s < 5
    assert ended.cpu_s < 0.1


def test_load_does_not_change_a_verdict(own_box: Box) -> None:
    source = "import time\nwhile time.process_time() < 0.4: pass\nprint('done')"
    boxes = [Box(own_box.tier) for _ in range(2 * (os.cpu_count() or 1))]
    ended: list[Run] = []
    threads = [
        threading.Thread(target=lambda b: ended.append(run(b, source, Limits(0.8, 256))), args=(b,))
        for b in boxes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in boxes:
        each.close()
    assert [(e.limit, e.stdout) for e in ended] == [("", b"done\n")] * len(boxes)


@pytest.mark.parametrize(
    "source",
    [
        "x = bytearray(300 << 20)",
        "x = [bytes(1 << 20) for _ in range(400)]",
        "import mmap\nmmap.mmap(-1, 300 << 20)",
        "x = 'a'\nwhile True: x += x",
        "import threading\nthreading.stack_size(300 << 20)\n"
        "t = threading.Thread(target=print)\nt.start()\nt.join()",
    ],
)
def test_memory_is_bounded(box: Box, source: str) -> None:
    ended = run(box, source)
    assert ended.exit_code == 1
    assert ended.stderr.splitlines()[-1].startswith(("MemoryError", "OSError", "RuntimeError"))


def test_memory_below_the_limit_is_there(box: Box) -> None:
    assert run(box, "x = bytearray(230 << 20)\nprint(len(x) >> 20)").stdout == b"230\n"


def test_output_beyond_three_megabytes_is_over_the_limit(box: Box) -> None:
    ended = run(box, "import sys\nsys.stdout.write('x' * (3 << 20) + 'y')")
    assert (ended.limit, ended.exit_code) == ("output", 0)
    assert ended.stdout == b"x" * (3 * MB)
    assert run(box, "import sys\nsys.stdout.write('x' * (3 << 20))").limit == ""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_endless_output_stops_at_four_megabytes(box: Box, stream: str) -> None:
    source = f"import sys\nwhile True: sys.{stream}.write('x' * 65536)"
    ended = run(box, source)
    assert ended.exit_code in (1, 120)
    assert ended.limit == ("output" if stream == "stdout" else "")
    assert len(ended.stdout) <= 3 * MB


@pytest.mark.parametrize(
    "source",
    [
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.fallocate(1, 1, ctypes.c_long(0), ctypes.c_long(1 << 30)))",
        "import ctypes\nprint(ctypes.CDLL(None).memfd_create(b'x', 0))",
        "import os\ntry:\n    os.posix_fallocate(1, 0, 1 << 30)\nexcept OSError: print(-1)",
        "import os\ntry:\n    os.ftruncate(1, 1 << 30)\nexcept OSError: print(-1)",
    ],
)
def test_memory_cannot_be_taken_as_a_file(box: Box, source: str) -> None:
    assert run(box, source).stdout == b"-1\n"


def test_files_are_bounded_in_size_space_and_number(writable_box: Box) -> None:
    large = (
        "f = open('f', 'wb', 0)\nn = 0\nwhile True: n += f.write(bytes(1 << 20)); print(n >> 20)"
    )
    ended = run(writable_box, large)
    assert ended.stdout.split()[-1] == b"4"
    many = (
        "n = 0\ntry:\n    while n < 100000:\n        open(str(n), 'w').close()\n        n += 1\n"
        "except OSError: pass\nprint(n)"
    )
    ended = run(writable_box, many)
    assert ended.exit_code == -9 or int(ended.stdout) < 512
    space = (
        "n = 0\ntry:\n    for i in range(100):\n        open(str(i), 'wb').write(bytes(4 << 20))\n"
        "        n += 4\nexcept OSError: pass\nprint(n)"
    )
    assert 24 <= int(run(writable_box, space).stdout) <= 32


def test_there_is_nowhere_to_write_without_a_file_system_of_its_own(box: Box) -> None:
    if box.tier != "landlock":
        pytest.skip("this tier has one")
    ended = run(box, "import os\nprint(os.listdir('.'))\nopen('f', 'w')")
    assert ended.stdout == b"[]\n"
    assert ended.stderr.splitlines()[-1].startswith("PermissionError")


def test_open_files_are_bounded(box: Box) -> None:
    source = (
        "import os\nopened = []\ntry:\n    while True: opened.append(os.dup(0))\n"
        "except OSError: pass\nprint(len(opened))"
    )
    assert run(box, source).stdout == b"61\n"


def test_threads_are_bounded_and_plenty(writable_box: Box) -> None:
    source = (
        "import threading, time\nn = 0\ntry:\n    while n < 500:\n"
        "        threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"
        "        n += 1\nexcept RuntimeError: pass\nprint(n)"
    )
    number = int(run(writable_box, source, Limits(5.0, 8192)).stdout)
    if os.geteuid() == 0 and writable_box.tier == "bubblewrap":
        assert number == 500  # bwrap has a single identity, and root's threads are not counted
    else:
        assert 56 <= number <= 66


def test_two_boxes_have_threads_of_their_own(namespaces_box: Box) -> None:
    source = (
        "import threading, time\nfor _ in range(50):\n"
        "    threading.Thread(target=time.sleep, args=(1,)).start()\nprint('ok')"
    )
    boxes: list[Box] = [Box(namespaces_box.tier) for _ in range(2)]
    ended: list[Run] = []
    threads = [
        threading.Thread(
            target=lambda b: ended.append(run(b, source, Limits(5.0, 4096))), args=(b,)
        )
        for b in boxes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in boxes:
        each.close()
    assert [e.stdout for e in ended] == [b"ok\n", b"ok\n"]
