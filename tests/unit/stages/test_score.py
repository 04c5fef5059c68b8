"""The score stage through a real, small reward: a plug-in file of the test's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

import restem.rewards
from restem.core import layout, params, storage
from restem.core.errors import DataError, SandboxError
from restem.core.params import Params
from restem.core.records import Problem, SampleRow, ScoredRow
from restem.core.storage import Row
from restem.stages import score
from restem.stages.score import ROWS_PER_PART

REWARD = '''
"""Right is what says so. Texts are logged; "?" is too hard and "!" interrupts while it is."""
from contextlib import contextmanager
from pathlib import Path

from restem.core.records import Verdict

class Small:
    grader = "small-1"

    def score(self, problems, texts):
        with Path("judged").open("a") as log:
            log.writelines(f"{p.problem_id} {text}\\n" for p, text in zip(problems, texts))
        hard = Path("hard").exists()
        if hard and "!" in texts:
            raise KeyboardInterrupt
        return [self.verdict(text, hard) for text in texts]

    def verdict(self, text, hard):
        if hard and text == "?":
            return Verdict(0.0, "timeout", None, "too slow")
        right = text.startswith("right")
        return Verdict(float(right), "correct" if right else "wrong", text, "read")

@contextmanager
def open_reward(score, machine):
    yield Small()
'''
ASKED = [Problem(f"p{i}", "t", "train", "s", 1, "?", "?", (), "{}", None) for i in range(3)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with three problems and the reward `small`."""
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "small.py").write_text(REWARD)
    monkeypatch.setattr(restem.rewards, "__path__", [*restem.rewards.__path__, str(plugins)])
    monkeypatch.delitem(sys.modules, "restem.rewards.small", raising=False)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    storage.write_problems(layout.problems("train"), ASKED)
    (tmp_path / "hard").touch()
    return tmp_path


@pytest.fixture
def values() -> Params:
    loaded = params.load(Path(__file__).parents[3] / "tests/params.yaml")
    loaded.reward = "small"
    return loaded


def sample(problem: str, index: int, text: str, finish_reason: str = "stop") -> SampleRow:
    return SampleRow(problem, index, text, 3, finish_reason, None, f"{problem}-{index}")


def samples(*counts: int) -> list[SampleRow]:
    """So many of each problem, every other one right."""
    return [
        sample(f"p{i}", index, f"right {index}" if index % 2 else f"wrong {index}")
        for i, count in enumerate(counts)
        for index in range(count)
    ]


def write(rows: list[SampleRow]) -> None:
    storage.write_rows("samples", layout.samples("1"), map(asdict, rows))


def scored() -> list[Row]:
    return storage.read_rows("scored", layout.scored("1"))


def judged() -> list[str]:
    """What the reward was asked since the last look."""
    log = Path("judged")
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines


def test_every_sample_gets_its_verdict_in_order_however_many_a_problem_has(values: Params) -> None:
    rows = [*samples(ROWS_PER_PART + 5, 1), sample("p2", 7, "right", "length")]
    write(rows)
    score.run(values, "1")
    verdicts = [("correct", 1.0) if r.text.startswith("right") else ("wrong", 0.0) for r in rows]
    assert scored() == [
        asdict(ScoredRow(**asdict(r), answer=r.text, reward=reward, outcome=outcome,
                         detail="read", grader="small-1"))
        for r, (outcome, reward) in zip(rows[:-1], verdicts[:-1], strict=True)
    ] + [
        asdict(ScoredRow(**asdict(rows[-1]), answer="right", reward=0.0, outcome="truncated",
                         detail="cut off; read", grader="small-1"))
    ]  # fmt: skip


def test_no_samples_make_an_empty_table(values: Params) -> None:
    write([])
    score.run(values, "1")
    assert scored() == []


def test_parts_finished_before_an_interrupt_are_not_judged_again(values: Params) -> None:
    rows = [*samples(2 * ROWS_PER_PART), sample("p1", 0, "!"), sample("p2", 0, "right")]
    write(rows)
    with pytest.raises(KeyboardInterrupt):
        score.run(values, "1")
    assert len(judged()) == len(rows)
    assert not layout.scored("1").exists()
    Path("hard").unlink()
    score.run(values, "1")
    assert judged() == ["p1 !", "p2 right"]
    resumed = layout.scored("1").read_bytes()
    score.run(values, "1")
    assert judged() == []
    values.score.timeout_s += 1  # a straight run under another key
    score.run(values, "1")
    assert len(judged()) == len(rows)
    assert layout.scored("1").read_bytes() == resumed


def test_parts_with_faults_are_judged_again_by_the_next_run_and_no_others(values: Params) -> None:
    rows = [*samples(ROWS_PER_PART), sample("p1", 0, "?"), sample("p2", 0, "right")]
    write(rows)
    score.run(values, "1")
    assert [row["outcome"] for row in scored()[-2:]] == ["timeout", "correct"]
    judged()
    score.run(values, "1")
    assert judged() == ["p1 ?", "p2 right"]
    Path("hard").unlink()
    score.run(values, "1")
    assert [row["outcome"] for row in scored()[-2:]] == ["wrong", "correct"]
    judged()
    score.run(values, "1")
    assert judged() == []


def test_too_many_faults_write_nothing_and_name_the_first(values: Params) -> None:
    write([sample("p0", 0, "right"), sample("p1", 3, "?"), sample("p2", 0, "?")])
    with pytest.raises(SandboxError, match=r"2 of 3 .* first: p1 sample 3, timeout: too slow"):
        score.run(values, "1")
    assert not layout.scored("1").exists()


def test_where_verdicts_are_made_is_no_other_work(values: Params) -> None:
    write(samples(4))
    score.run(values, "1")
    assert len(judged()) == 4
    values.score.cluster = "elsewhere"  # `ray` would start a cluster
    score.run(values, "1")
    assert judged() == []


def swapped(rows: list[SampleRow]) -> list[SampleRow]:
    return [rows[1], rows[0], *rows[2:]]


def repeated(rows: list[SampleRow]) -> list[SampleRow]:
    return [*rows[:3], rows[2], *rows[3:]]


def unsorted_problems(rows: list[SampleRow]) -> list[SampleRow]:
    return [*rows[4:], *rows[:4]]


@pytest.mark.parametrize(
    ("change", "offender"),
    [
        (swapped, "p0 sample 0 comes after p0 sample 1"),
        (repeated, "p0 sample 2 comes after p0 sample 2"),
        (unsorted_problems, "p0 sample 0 comes after p1 sample 3"),
    ],
)
def test_samples_out_of_order_are_refused_before_work(
    values: Params, change: Callable[[list[SampleRow]], list[SampleRow]], offender: str
) -> None:
    write(change(samples(4, 4)))
    with pytest.raises(DataError, match=offender):
        score.run(values, "1")
    assert judged() == []


def test_samples_of_unknown_problems_are_refused_before_work(values: Params) -> None:
    rows = [*samples(ROWS_PER_PART + 1), sample("q1", 0, "right"), sample("q2", 0, "right")]
    write(rows)
    with pytest.raises(DataError, match="2 problems are not in D, the first is q1"):
        score.run(values, "1")
    assert judged() == []


PEAK = """
import sys
from dataclasses import asdict
from pathlib import Path

from restem.core import layout, params, storage
from restem.core.records import Problem, SampleRow
from restem.stages import filter, score

values = params.load(Path(sys.argv[1]))
asked = [Problem(f"p{i:03d}", "t", "train", "s", 1, "?", "?", (), '{"answer": "7"}', None)
         for i in range(100)]
rows = (SampleRow(p.problem_id, i, f"{'x' * 1000}{i} #### {i % 9}", 3, "stop", None, f"{i}")
        for p in asked for i in range(int(sys.argv[2]) // len(asked)))
storage.write_problems(layout.problems("train"), asked)
storage.write_rows("samples", layout.samples("1"), map(asdict, rows))
score.run(values, "1")
filter.run(values, "1")
status = Path("/proc/self/status").read_text()  # ru_maxrss would begin at the peak of the parent
print(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
"""


def peak_mb(num_rows: int, folder: Path) -> float:
    root = Path(__file__).parents[3]
    words = [sys.executable, "-c", PEAK, str(root / "params.yaml"), str(num_rows)]
    env = {"PYTHONPATH": str(root / "src"), "DVC_ROOT": str(folder)}
    return int(subprocess.check_output(words, cwd=folder, env=env, text=True)) / 1e3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_four_times_the_rows_need_no_more_memory(folder: Path) -> None:
    """From the size on that fills a row group. Holding all rows took 127 MB more, streams 24."""
    assert peak_mb(80_000, folder) - peak_mb(20_000, folder) < 60
