"""Grading a file of one's own: order, both kinds of rows, rows that cannot be read, and what is
refused before any work."""

from __future__ import annotations

import json
from pathlib import Path

import hostile_rows
import pytest
from grading import asked, boxed, told

from restem import __main__
from restem.commands import grade, grade_judges, grade_rows
from restem.core.errors import DataError, SandboxError
from restem.core.records import OUTCOMES, Problem, Verdict

REPO = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """params.yaml and nothing else; the working directory."""
    (tmp_path / "params.yaml").write_bytes((REPO / "tests/params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def verdicts(*rows: object) -> list[dict[str, object]]:
    told("".join(f"{json.dumps(row)}\n" for row in rows))
    return [json.loads(line) for line in Path("out.jsonl").read_bytes().splitlines()]


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
    monkeypatch.setattr(grade_judges, "ROWS_PER_OPENING", 6)
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


UNREAD = {
    "[1]": (None, "must be a JSON object, got [1]"),
    "{": (None, "no JSON"),
    "nonsense": (None, "no JSON (Expecting value, character 1)"),
    '{"id": NaN, "text": "", "gold": "5"}': (None, "NaN is no JSON number"),
    '{"id": 7, "text": "", "gold": -Infinity}': (7, "-Infinity is no JSON number"),
    "[" * 100_000: (None, "n"),  # no JSON, or nested too deeply
    '{"id": 7, "text": "", "tests": ' + '{"a":' * 9000: (7, "n"),
    '{"text": "", "gold": "5"}': (None, "id is missing, there is text, gold"),
    '{"id": 7, "gold": "5"}': (7, "text is missing"),
    '{"id": 7, "text": 5, "gold": "5"}': (7, "text must be text, got 5"),
    '{"id": [1], "text": "", "gold": "5"}': (None, "id must be"),
    '{"id": 7, "text": ""}': (7, "needs gold (an answer) or tests (for a program), got neither"),
    '{"id": 7, "text": "", "gold": "5", "tests": {}}': (7, "needs gold (an answer) or tests"),
    '{"id": 7, "text": "", "gold": null, "tests": null}': (7, "needs gold (an answer) or tests"),
    '{"id": 7, "text": "", "gold": true}': (7, "gold must be text or a number of usual size"),
    '{"id": 7, "text": "", "gold": null}': (7, "gold must be"),
    '{"id": 7, "text": "", "gold": 1e999}': (7, "gold must be"),
    '{"id": 7, "text": "", "gold": 1e9999999999999999999}': (7, "gold must be"),
    '{"id": 7, "text": "", "gold": " . "}': (7, "gold holds no answer"),
    '{"id": 7, "text": "", "tests": []}': (7, "tests must be a JSON object, got []"),
    '{"id": 7, "text": "a\tb", "gold": "5"}': (7, "no JSON (Invalid control character"),
    '{"id": 7, "text": "\\x", "gold": "5"}': (7, "no JSON (Invalid \\escape"),
    '{"id": 7, "te': (7, "no JSON"),
    '{"id": 7': (None, "no JSON"),  # 71, perhaps
    '{"id": 7, "text": "", "gold": "5"} {}': (7, "no JSON (more follows the value"),
    '{"id": 7, "id": {}, "text": "", "gold": "5"}': (None, "id must be"),
    '{"id": 7, "text": "", "gold": "\u202e\u0007"}': (7, "no JSON (Invalid control character"),
    '{"id": 7, "text": "", "gold": ["\u202e"]}': (7, 'gold must be text or a number of usual size, '
                                                   'got ["\\u202e"]'),
}  # fmt: skip


@pytest.mark.parametrize("row", UNREAD)
def test_a_row_that_cannot_be_read_is_an_error_and_the_others_are_judged(row: str) -> None:
    good = json.dumps(boxed("5", "5"))
    told(f"{good}\n{row}\n{good}\n")
    first, found, last = map(json.loads, Path("out.jsonl").read_text().splitlines())
    assert (first["outcome"], last["outcome"]) == ("correct", "correct")
    key, why = UNREAD[row]
    assert (found["id"], found.get("line")) == (key, None if key else 2)
    assert (found["outcome"], found["reward"]) == ("error", 0.0)
    assert (found["answer"], found["grader"]) == (None, None)
    assert found["detail"].startswith(f"row: line 2: {why}")
    assert len(found["detail"]) < 400
    assert found["detail"].isascii()


def test_bytes_that_are_no_utf_8_are_an_error_of_their_row() -> None:
    told(
        b'{"id": 1, "text": "\xff", "gold": "5"}\n'
        b'{"id": "\xff", "text": "5", "gold": "5"}\n'
        b'{"id": 3, "text": "5", "gold": "5"}'
    )
    found = list(map(json.loads, Path("out.jsonl").read_text().splitlines()))
    assert [(row["id"], row.get("line")) for row in found] == [(1, None), (None, 2), (3, None)]
    assert found[0]["detail"] == "row: line 1: no UTF-8 (invalid start byte, byte 20)"
    assert found[2]["outcome"] == "correct"


def test_rows_that_cannot_be_read_are_counted_and_the_first_is_named() -> None:
    line, complaint = told(f"{json.dumps(boxed('5', '5'))}\n{{\n[]\n")
    assert line.startswith("3 rows: 1 correct, 2 error; by math-")
    assert complaint.startswith("in.jsonl: 2 of 3 rows could not be judged (outcome error); the "
                                "first is line 2: no JSON")  # fmt: skip
    assert complaint.endswith("`grade --help` shows what a row holds.")


def test_a_file_without_one_row_that_can_be_read_is_judged_by_nobody() -> None:
    line, complaint = told("name,score\nx,1\n")
    assert line.startswith("2 rows: 2 error; by nobody")
    assert complaint.startswith("in.jsonl: 2 of 2 rows could not be judged")


BIG = "7" * 5000


def test_numbers_of_any_length_are_kept_as_they_are() -> None:
    """5,000 digits: Python neither reads nor writes them as a number without being told to."""
    told(
        f'{{"id": {BIG}, "text": "\\\\boxed{{5}}", "gold": 5, "other": {BIG}}}\n'
        f'{{"id": 1, "text": "\\\\boxed{{{BIG}}}", "gold": {BIG}}}\n'
        f'{{"id": 2, "text": "print(1)", "tests": {{"inputs": [{BIG}], "outputs": [""]}}}}\n'
    )
    first, second, third = Path("out.jsonl").read_text().splitlines()
    assert first.startswith(f'{{"id": {BIG}, "reward": 1.0')
    assert '"id": 1, ' in second
    assert '"id": 2, "reward": 0.0' in third


def test_tests_reach_the_reward_as_they_were_written() -> None:
    tests = f'{{"inputs" :[[{BIG}, 1.50, 1E+2, "\\ud800é"]],"outputs":[-0.0], "a": 1, "a": 2}}'
    row = grade_rows.read(f'{{"id": 1, "text": "", "tests":{tests} }}', 1, "line 1")
    assert isinstance(row, grade_rows.Row)
    assert row.problem.gold == f'{{"tests": {tests}}}'


def test_the_last_of_equal_names_counts() -> None:
    told('{"id": 1, "text": "", "gold": "6", "id": 2, "text": "\\\\boxed{5}", "gold": "5"}')
    found = json.loads(Path("out.jsonl").read_text())
    assert (found["id"], found["outcome"]) == (2, "correct")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_in_another_encoding_is_refused(encoding: str, mark: str) -> None:
    content = mark + json.dumps(boxed("5", "5"))
    with pytest.raises(DataError, match=r"in\.jsonl is UTF-16, not UTF-8"):
        told(content.encode(encoding))


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file_is_refused(content: str) -> None:
    with pytest.raises(DataError, match=r"in\.jsonl is empty"):
        told(content)


@pytest.mark.parametrize(
    ("name", "said"),
    [("missing.jsonl", "cannot read"), (".", "is a folder"), ("-", "save it first")],
)
def test_a_file_that_cannot_be_read_is_refused(name: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        list(grade.run(asked(Path(name), "out.jsonl")))


def test_the_exit_code_says_whether_all_rows_were_judged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["grade", "in.jsonl", "--out", "out.jsonl", "-q"]
    Path("in.jsonl").write_text(json.dumps(boxed("6", "5")))
    assert __main__.main(asked) == 0
    assert "1 wrong" in capsys.readouterr().out
    tests = {"id": 2, "text": "print(1)", "tests": {}}
    Path("in.jsonl").write_text(f"{json.dumps(boxed('6', '5'))}\n{json.dumps(tests)}\n{{\n")
    for out in ("out.jsonl", "-"):
        assert __main__.main([*asked[:3], out, "-q"]) == 1
        said = capsys.readouterr()
        assert said.err.startswith(
            "restem grade: in.jsonl: 2 of 3 rows could not be judged (outcome error); the first is "
            "line 2: tests: "
        )
        assert said.err.count("\n") == 1
    assert said.out.splitlines() == Path("out.jsonl").read_text().splitlines()
    assert said.out.count("\n") == 3
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


def test_a_column_that_is_null_is_not_given() -> None:
    """As data frames write tables that hold answers and programs of several shapes."""
    nothing = dict.fromkeys(["fn_name", "prompt", "entry_point", "setup", "asserts", "cpu_s"])
    check = {
        "prompt": "def f():\n",
        "entry_point": "f",
        "test": "def check(c):\n    assert c() == 1",
    }
    found = verdicts(
        {**boxed("5", "5"), "tests": None},
        {"id": 1, "text": PROGRAM, "gold": None, "tests": {**nothing, **STDIN}},
        {
            "id": 2,
            "text": "    return 1",
            "gold": None,
            "tests": {"inputs": None, **nothing, **check},
        },
    )
    assert [row["outcome"] for row in found] == ["correct"] * 3


@pytest.mark.parametrize(
    "tests", [{}, {"inputs": 7}, {"inputs": [], "outputs": []}, {"a": "\ud800"}]
)
def test_tests_that_say_nothing_are_a_row_and_no_crash(tests: object) -> None:
    (found,) = verdicts({"id": 1, "text": PROGRAM, "tests": tests})
    assert (found["outcome"], found["reward"]) == ("error", 0.0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "needs FILE.jsonl and --out, or --serve"),
        (["in.jsonl"], "needs FILE.jsonl and --out"),
        (["in.jsonl", "--out", "x", "--port", "1"], "--port and --host belong to --serve"),
        (["in.jsonl", "--serve"], "--serve judges what comes over HTTP"),
        (["--serve", "--host", "0.0.0.0"], "--host must be a loopback address"),
        (["--serve", "--host", "somewhere"], "--host must be a loopback address"),
        (["--serve", "--port", "70000"], "--port must be 0 to 65535"),
    ],
)
def test_what_is_missing_or_does_not_fit_costs_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __main__.main(["grade", *words]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


class Raising:
    """A reward that one row brings down, as a bug in it would."""

    grader = "raising-1"

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.calls = 0

    def score(self, problems: list[Problem], texts: list[str]) -> list[Verdict]:
        self.calls += 1
        if "bad" in texts:
            raise self.error
        return [Verdict(1.0, "correct", text, "fine") for text in texts]


def with_reward(reward: Raising, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    monkeypatch.setattr(grade_judges.Judges, "_reward", lambda judges, kind: reward)
    texts = ["bad" if i in (3, 30) else "good" for i in range(40)]
    return verdicts(*({"id": i, "text": text, "gold": "5"} for i, text in enumerate(texts)))


@pytest.mark.parametrize("kind", [ValueError, RecursionError, MemoryError, OverflowError, KeyError])
def test_a_reward_that_raises_costs_the_row_that_made_it_raise(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    reward = Raising(kind("odd \u202e\n row"))
    found = with_reward(reward, monkeypatch)
    assert [row["id"] for row in found if row["outcome"] == "error"] == [3, 30]
    assert sum(row["reward"] == 1.0 for row in found) == 38
    assert str(found[3]["detail"]).startswith(f"{kind.__name__}: ")
    assert str(found[3]["detail"]).isprintable()
    assert (found[3]["grader"], found[3]["answer"]) == ("raising-1", None)
    assert reward.calls < 40


def test_a_broken_verifier_stops_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SandboxError):
        with_reward(Raising(SandboxError("no sandbox works here")), monkeypatch)
    assert not Path("out.jsonl").exists()


@pytest.mark.slow
def test_60_000_rows_of_every_form_make_60_000_verdicts() -> None:
    rows = list(hostile_rows.lines(seed=11, count=60_000, programs=200))
    summary, complaint = told(b"\n \n".join(rows))
    assert summary.startswith("60,000 rows: ")
    assert " of 60,000 rows could not be judged (outcome error)" in complaint
    lines = Path("out.jsonl").read_bytes().splitlines()
    assert len(lines) == len(rows)
    keys = ["id", "reward", "outcome", "answer", "detail", "grader"]
    for row, line in zip(rows, lines, strict=True):
        found = read_strictly(line)
        assert list(found) in (keys, [*keys, "line"])
        assert found["outcome"] in OUTCOMES
        assert found["reward"] == ("1.0" if found["outcome"] == "correct" else "0.0")
        assert given_id(row) in (found["id"], NOTHING), row


NOTHING = object()


def given_id(row: bytes) -> object:
    """The id of a row that is a JSON object with a simple id."""
    try:
        found = read_strictly(row)
    except (ValueError, RecursionError):
        return NOTHING
    key = found.get("id", NOTHING) if isinstance(found, dict) else NOTHING
    return NOTHING if isinstance(key, (list, dict)) else key


def read_strictly(line: bytes) -> dict[str, object]:
    """Numbers as they are written."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    found = json.loads(
        line.decode("utf-8-sig"), parse_int=str, parse_float=str, parse_constant=refuse
    )
    assert isinstance(found, dict) or line[:2] != b'{"'
    return found
