"""Grading a file of one's own: order, both kinds of rows, and what is refused before any work."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from restem import __main__
from restem.commands import grade
from restem.core.errors import DataError, ParamsError

REPO = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """params.yaml and nothing else; the working directory."""
    (tmp_path / "params.yaml").write_bytes((REPO / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(content: bytes | str, out: str = "out.jsonl") -> list[str]:
    """The lines that the command shows for a file with this content."""
    Path("in.jsonl").write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(grade.run(argparse.Namespace(file=Path("in.jsonl"), out=out)))


def verdicts(*rows: object) -> list[dict[str, object]]:
    told("".join(f"{json.dumps(row)}\n" for row in rows))
    return [json.loads(line) for line in Path("out.jsonl").read_bytes().splitlines()]


def boxed(answer: str, gold: object, key: object = "a") -> dict[str, object]:
    return {"id": key, "text": f"so \\boxed{{{answer}}}", "gold": gold}


def test_verdicts_come_in_the_order_of_the_rows() -> None:
    rows = [boxed(str(i), str(i if i % 3 else i + 1), i) for i in range(50)]
    found = verdicts(*rows)
    assert [row["id"] for row in found] == list(range(50))
    assert [row["reward"] for row in found] == [float(i % 3 > 0) for i in range(50)]
    assert list(found[1]) == ["id", "reward", "outcome", "answer", "detail", "grader"]
    assert found[1] == {"id": 1, "reward": 1.0, "outcome": "correct", "answer": "1",
                        "detail": "boxed", "grader": found[0]["grader"]}  # fmt: skip


def test_large_files_are_judged_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grade, "ROWS_PER_PART", 3)
    monkeypatch.setattr(grade, "PARTS_PER_OPENING", 2)
    found = verdicts(*(boxed(str(i), "5", i) for i in range(20)))
    assert [row["id"] for row in found if row["reward"]] == [5]
    monkeypatch.setattr(grade, "CHARS_PER_PART", 40)
    assert verdicts(*(boxed(str(i), "5", i) for i in range(20))) == found


def test_the_summary_counts_outcomes_and_names_the_grader() -> None:
    rows = [boxed("1", "1"), boxed("2", "1"), {"id": 3, "text": "none", "gold": "1"}]
    (line,) = told("\n".join(map(json.dumps, rows)))
    assert line.startswith("3 rows: 1 correct, 1 wrong, 1 no_answer; by math-")
    assert line.endswith("-> out.jsonl")


@pytest.mark.parametrize("key", ['"x"', "7", "1.50", "1E+999", "null", "true", '"\\ud800\\u0000"'])
def test_an_id_stays_as_it_is(key: str) -> None:
    told(f'{{"id": {key}, "text": "\\\\boxed{{5}}", "gold": "5"}}')
    assert Path("out.jsonl").read_text().startswith(f'{{"id": {key}, "reward": 1.0')


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("5", "5"), ("-2.50", "-2.5"), ("1e-7", "0.0000001"), ("0.1234567890123456789",) * 2],
)
def test_a_gold_may_be_a_number(gold: str, answer: str) -> None:
    told(f'{{"id": 1, "text": "\\\\boxed{{{answer}}}", "gold": {gold}}}')
    assert json.loads(Path("out.jsonl").read_bytes())["outcome"] == "correct"


def test_odd_characters_and_blank_lines_are_judged_and_written_as_json() -> None:
    content = b'\xef\xbb\xbf{"id": 1, "text": "\\u0000 \\ud800 \\\\boxed{5}", "gold": "5"}\r\n\n'
    told(content + '{"id": 2, "text": "\\\\boxed{ü\\ud800}", "gold": "5"}\n'.encode())
    lines = Path("out.jsonl").read_bytes().splitlines()
    first, second = (json.loads(line.decode("ascii")) for line in lines)
    assert first["outcome"] == "correct"
    assert second["answer"] == "ü\ud800"


BAD = {
    "[1]": "in.jsonl:2: must be a JSON object",
    "{": "in.jsonl:2: no JSON",
    "nonsense": "in.jsonl:2: no JSON",
    '{"id": NaN, "text": "", "gold": "5"}': "in.jsonl:2: no JSON: NaN",
    "[" * 100_000: "in.jsonl:2: n",  # no JSON, or nested too deeply
    '{"text": "", "gold": "5"}': "in.jsonl:2: id is missing",
    '{"id": 1, "gold": "5"}': "in.jsonl:2: text is missing",
    '{"id": 1, "text": 5, "gold": "5"}': "in.jsonl:2: text must be text, got 5",
    '{"id": [1], "text": "", "gold": "5"}': "in.jsonl:2: id must be",
    '{"id": 1, "text": ""}': "in.jsonl:2: needs gold .* got neither",
    '{"id": 1, "text": "", "gold": "5", "tests": {}}': "in.jsonl:2: needs gold .* got both",
    '{"id": 1, "text": "", "gold": true}': "in.jsonl:2: gold must be text or a number, got true",
    '{"id": 1, "text": "", "gold": null}': "in.jsonl:2: gold must be",
    '{"id": 1, "text": "", "gold": 1e999}': "in.jsonl:2: gold must be",
    '{"id": 1, "text": "", "gold": " . "}': "in.jsonl:2: gold holds no answer",
    '{"id": 1, "text": "", "tests": []}': "in.jsonl:2: tests must be a JSON object",
    '{"id": ' + "9" * 5000 + ', "text": "", "gold": "5"}': "in.jsonl:2: no JSON",
}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_is_refused_by_file_and_line_before_any_work(line: str) -> None:
    with pytest.raises(DataError, match=BAD[line]) as error:
        told(f"{json.dumps(boxed('5', '5'))}\n{line}\n")
    assert len(str(error.value)) < 300
    assert sorted(path.name for path in Path().iterdir()) == ["in.jsonl", "params.yaml"]


def test_invalid_utf_8_is_refused_by_file_and_line() -> None:
    with pytest.raises(DataError, match=r"in\.jsonl:1: no UTF-8"):
        told(b'{"id": 1, "text": "\xff", "gold": "5"}')


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file_is_refused(content: str) -> None:
    with pytest.raises(DataError, match=r"in\.jsonl is empty"):
        told(content)


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_file_that_cannot_be_read_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"cannot read|no regular file"):
        list(grade.run(argparse.Namespace(file=Path(name), out="out.jsonl")))


@pytest.mark.parametrize("out", ["in.jsonl", ".", "/dev/null"])
def test_a_place_that_cannot_take_the_verdicts_is_refused(out: str) -> None:
    with pytest.raises(ParamsError, match="--out"):
        told(json.dumps(boxed("5", "5")), out)
    assert json.loads(Path("in.jsonl").read_text())["gold"] == "5"


def test_a_stopped_run_leaves_the_old_file_and_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grade, "ROWS_PER_PART", 1)
    Path("out.jsonl").write_text("old")
    judge = grade._judged_part
    rows = "\n".join(json.dumps(boxed("5", "5", i)) for i in range(3))

    def stopped(part: list[grade._Row], rewards: dict[str, grade.Reward]) -> list[grade.Line]:
        if part[0].key == "2":
            raise KeyboardInterrupt
        return list(judge(part, rewards))

    monkeypatch.setattr(grade, "_judged_part", stopped)
    with pytest.raises(KeyboardInterrupt):
        told(rows)
    assert Path("out.jsonl").read_text() == "old"
    assert sorted(p.name for p in Path().iterdir()) == ["in.jsonl", "out.jsonl", "params.yaml"]


def test_out_may_be_the_terminal_and_a_folder_that_is_not_there() -> None:
    lines = told(json.dumps(boxed("5", "5")), "-")
    assert [json.loads(line)["outcome"] for line in lines] == ["correct"]
    told(json.dumps(boxed("5", "5")), "new/folder/out.jsonl")
    assert Path("new/folder/out.jsonl").is_file()


def test_the_exit_code_does_not_depend_on_the_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.jsonl").write_text(json.dumps(boxed("6", "5")))
    assert __main__.main(["grade", "in.jsonl", "--out", "out.jsonl", "-q"]) == 0
    assert "1 wrong" in capsys.readouterr().out
    assert __main__.main(["grade", "nowhere.jsonl", "--out", "out.jsonl", "-q"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


PROGRAM = "print(int(input()) + 1)"
STDIN = {"inputs": ["1\n", "5\n"], "outputs": ["2\n", "6\n"]}


def test_answers_and_programs_may_stand_in_one_file() -> None:
    found = verdicts(
        {"id": 0, "text": PROGRAM, "tests": STDIN},
        boxed("5", "5"),
        {"id": 2, "text": "print(2)", "tests": STDIN},
        {"id": 3, "text": "def f(x):\n    return x / 2",
         "tests": {"inputs": [[1], [2.5]], "outputs": [0.5, 1.25], "fn_name": "f"}},
        {"id": 4, "text": "    return x + 1\n",
         "tests": {"prompt": "def f(x):\n", "entry_point": "f",
                   "test": "def check(c):\n    assert c(1) == 2\n"}},
        {"id": 5, "text": "def f(x):\n    return x",
         "tests": {"setup": "", "asserts": ["assert f(1) == 1"]}},
    )  # fmt: skip
    outcomes = [row["outcome"] for row in found]
    assert outcomes == ["correct", "correct", "wrong", "correct", "correct", "correct"]
    assert len({row["grader"] for row in found}) == 2


@pytest.mark.parametrize(
    "tests", [{}, {"inputs": 7}, {"inputs": [], "outputs": []}, {"a": "\ud800"}]
)
def test_tests_that_say_nothing_are_a_row_and_no_crash(tests: object) -> None:
    (found,) = verdicts({"id": 1, "text": PROGRAM, "tests": tests})
    assert (found["outcome"], found["reward"]) == ("error", 0.0)
