"""The audit stage on small iterations, through the real graders and the real storage."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from restem.core import layout, params, storage
from restem.core.errors import DataError, SandboxError
from restem.core.params import Params
from restem.core.records import Problem, TrainRow
from restem.core.storage import Row
from restem.stages import audit


def values(iters: int) -> Params:
    loaded = params.load(Path(__file__).parents[3] / "tests/params.yaml")
    loaded.iters = iters
    return loaded


def problems(count: int = 40) -> list[Problem]:
    rng = random.Random(0)
    return [
        Problem(f"p{i:02d}", "t", "train", f"s{i % 3}", 1, "?", "?", (),
                json.dumps({"answer": str(rng.randint(2, 30))}), None)
        for i in range(count)
    ]  # fmt: skip


def answer_of(problem: Problem) -> str:
    return str(json.loads(problem.gold)["answer"])


def scored(problem: Problem, index: int, text: str, outcome: str, answer: str | None) -> Row:
    return {
        "problem_id": problem.problem_id, "sample_index": index, "text": text, "num_tokens": 3,
        "finish_reason": "stop", "logprob": None, "sample_id": f"{problem.problem_id}-{index}",
        "answer": answer, "reward": float(outcome == "correct"), "outcome": outcome,
        "detail": "boxed", "grader": "math-0",
    }  # fmt: skip


def write_iteration(name: str, asked: list[Problem], rows: list[Row]) -> None:
    storage.write_rows("scored", layout.scored(name), rows)
    kept = [TrainRow("?", str(row["text"]), 1.0, str(row["problem_id"]), str(row["sample_id"]))
            for row in rows if row["reward"]]  # fmt: skip
    storage.write_rows("train", layout.train_rows(name), map(asdict, kept))


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Params]:
    """Iterations 1 to iters: of four samples a boxed right one, a bare right one that its grader
    takes for right, one with a wrong step, and a wrong one."""

    def build(iters: int) -> Params:
        monkeypatch.chdir(tmp_path)
        asked = problems()
        storage.write_problems(layout.problems("train"), asked)
        for k in range(1, iters + 1):
            rows = []
            for problem in asked:
                gold = answer_of(problem)
                rows += [
                    scored(problem, 0, f"{gold}+0={gold}\n\\boxed{{{gold}}}", "correct", gold),
                    scored(problem, 1, f"so it is {gold}", "correct", gold),
                    scored(problem, 2, f"1+1=3\n\\boxed{{{gold}}}", "correct", gold),
                    scored(problem, 3, "\\boxed{-1}", "wrong", "-1"),
                ]
            write_iteration(str(k), asked, rows)
        return values(iters)

    return build


def found() -> dict[str, Any]:
    return storage.read_json(layout.AUDIT)


def test_every_iteration_is_audited(experiment: Callable[[int], Params]) -> None:
    audit.run(experiment(2), None)
    result = found()
    assert sorted(result["iterations"]) == ["1", "2"]
    assert result["probe"]["all"]["tried"] > 300
    assert result["probe"]["all"]["accepted"] == 0
    one = result["iterations"]["1"]
    assert one["comparison"]["table"] == {
        "correct": {"correct": 80, "no_answer": 40}, "wrong": {"wrong": 40},
    }  # fmt: skip
    assert (one["steps"]["kept"], one["steps"]["with_equations"]) == (120, 80)
    assert (one["steps"]["with_wrong"], one["steps"]["wrong"]) == (40, 40)
    assert 0 < one["luck"]["rate"] < 0.2
    assert (one["samples"], one["graders"]) == (160, ["math-0"])
    assert one["second_grader"].startswith("strict-")


def test_steps_are_those_of_right_solutions_where_wrong_ones_are_kept_too(
    experiment: Callable[[int], Params],
) -> None:
    ready = experiment(2)
    audit.run(ready, None)
    before = found()["iterations"]["1"]["steps"]
    for name, skipped in (("1", {}), ("2", {"correct"})):
        rows = storage.read_rows("scored", layout.scored(name))
        kept = [TrainRow("?", f"1+1=3 {row['text']}" if row["outcome"] == "wrong" else row["text"],
                         1.0, row["problem_id"], row["sample_id"])
                for row in rows if row["outcome"] not in skipped]  # fmt: skip
        storage.write_rows("train", layout.train_rows(name), map(asdict, kept))
    audit.run(ready, None)
    after = found()["iterations"]
    assert (after["1"]["steps"], after["2"]["steps"]) == (before, None)


def test_the_ledger_has_a_line_per_sample(experiment: Callable[[int], Params]) -> None:
    audit.run(experiment(1), None)
    lines = storage.read_rows("ledger", layout.LEDGERS / "1.parquet")
    gold = answer_of(problems()[0])
    assert len(lines) == 160
    assert lines[1] == {"problem_id": "p00", "sample_index": 1, "answer": gold, "normal": gold,
                        "outcome": "correct", "detail": "boxed", "strict": "no_answer"}  # fmt: skip


def test_the_same_inputs_give_the_same_bytes(experiment: Callable[[int], Params]) -> None:
    outputs = (layout.AUDIT, layout.LEDGERS / "1.parquet")
    audit.run(experiment(1), None)
    first = [path.read_bytes() for path in outputs]
    audit.run(experiment(1), None)
    assert [path.read_bytes() for path in outputs] == first


def test_idle_iterations_are_not_opened_and_old_ledgers_go(
    experiment: Callable[[int], Params],
) -> None:
    audit.run(experiment(2), None)
    layout.scored("2").write_bytes(b"idle\n")
    audit.run(values(1), None)
    assert [path.name for path in layout.LEDGERS.iterdir()] == ["1.parquet"]
    assert list(found()["iterations"]) == ["1"]


def test_without_an_iteration_there_is_still_a_probe(experiment: Callable[[int], Params]) -> None:
    audit.run(experiment(0), None)
    assert layout.LEDGERS.is_dir()
    assert found()["iterations"] == {}
    assert found()["probe"]["all"]["tried"] > 300


def test_rows_of_other_problems_are_refused(experiment: Callable[[int], Params]) -> None:
    ready = experiment(1)
    storage.write_problems(layout.problems("train"), problems()[:5])
    with pytest.raises(DataError, match="35 problems are not in D"):
        audit.run(ready, None)


PROGRAM = "print(int(input()) + 1)"
TESTS = {"inputs": ["1\n", "5\n"], "outputs": ["2\n", "6\n"]}
THIN = {"inputs": ["1\n"], "outputs": ["2\n"]}


def test_programs_are_probed_and_judged_strictly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = [
        Problem(f"p{i}", "t", "train", "s", 1, "?", "?", (), json.dumps({"tests": tests}), PROGRAM)
        for i, tests in enumerate((TESTS, THIN))
    ]
    storage.write_problems(layout.problems("train"), asked)
    rows = [scored(asked[0], 0, PROGRAM, "correct", PROGRAM),
            scored(asked[0], 1, "print(2)", "wrong", "print(2)")]  # fmt: skip
    write_iteration("1", asked, rows)
    audit.run(values(1), None)
    result = found()
    kinds = result["probe"]["kinds"]
    assert {name: (kind["accepted"], kind["tried"]) for name, kind in kinds.items()} == {
        "does nothing": (0, 2), "always the first output": (1, 2), "solves another problem": (2, 2),
    }  # fmt: skip
    one = result["iterations"]["1"]
    assert one["comparison"]["table"] == {"correct": {"correct": 1}, "wrong": {"wrong": 1}}
    assert (one["steps"], one["luck"]) == (None, None)
    assert storage.read_rows("ledger", layout.LEDGERS / "1.parquet")[0]["normal"] is None


def test_a_second_grader_that_fails_stops_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = [Problem("p", "t", "train", "s", 1, "?", "?", (), '{"tests": {}}', None)]
    storage.write_problems(layout.problems("train"), asked)
    write_iteration("1", asked, [scored(asked[0], 0, PROGRAM, "correct", PROGRAM)])
    with pytest.raises(SandboxError, match="1 of 1 solutions"):
        audit.run(values(1), None)
