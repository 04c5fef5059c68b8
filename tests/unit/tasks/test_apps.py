"""The APPS importer: tree and tables give the same; only problems with tests are taken."""

import gzip
import io
import json
import logging
import tarfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from settings import machine

from restem.core import plugins
from restem.core.errors import DataError
from restem.core.params import Data, Params
from restem.core.records import WRONG, Problem
from restem.method.selfcheck import Quarantined, self_check
from restem.tasks import apps

ADD = {"inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]}
CALL = {"fn_name": "add", "inputs": [[1, 2]], "outputs": [3]}
Row = dict[str, object]


def row(number: int, **changes: object) -> Row:
    return {
        "problem_id": number, "question": f"Add, case {number}.", "difficulty": "introductory",
        "solutions": json.dumps(["print(sum(map(int, input().split())))"]), "starter_code": "",
        "input_output": json.dumps(ADD), "url": "https://example.org",
    } | changes  # fmt: skip


ROWS = [
    *(row(n) for n in range(5)),
    row(5, difficulty="competition", solutions=json.dumps([f"print({n})" for n in range(9)])),
    row(6, difficulty="interview", input_output=json.dumps(CALL), starter_code="def add(a, b):\n\t",
        solutions=""),
]  # fmt: skip


def table(folder: Path, name: str, rows: list[Row]) -> None:
    """NAME with its ending, as one of the formats."""
    path = folder / name
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return
    text = "".join(json.dumps(r) + "\n" for r in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def tree(folder: Path, name: str, rows: list[Row]) -> None:
    for item in rows:
        path = folder / name / f"{item['problem_id']:04d}"
        path.mkdir(parents=True)
        (path / "question.txt").write_text(str(item["question"]))
        (path / "metadata.json").write_text(json.dumps({"difficulty": item["difficulty"]}))
        for field, file in (("solutions", "solutions.json"), ("input_output", "input_output.json"),
                            ("starter_code", "starter_code.py")):  # fmt: skip
            if item[field]:
                (path / file).write_text(str(item[field]))


@pytest.fixture
def folder(data: Data) -> Path:
    return Path(data.path)


def test_a_problem_holds_what_its_row_says(data: Data, folder: Path) -> None:
    table(folder, "test.jsonl", ROWS)
    one, two = apps.held_out(data)[5:]
    assert one == Problem(
        "apps-test-00005", "apps", "test", "competition", 5, "Add, case 5.", one.prompt,
        ("\n\nQUESTION:", "\nQUESTION:"), f'{{"tests": {json.dumps(ADD)}}}', "print(0)",
        ("print(1)", "print(2)", "print(3)", "print(4)"),
    )  # fmt: skip
    assert one.prompt.endswith("\n\nQUESTION:\nAdd, case 5.\nUse Standard Input format\nANSWER:\n")
    assert two.prompt.endswith(
        "\n\nQUESTION:\nAdd, case 6.\ndef add(a, b):\nUse Call-Based format\nANSWER:\n"
    )
    assert two.prompt.count("QUESTION:\n") == 3
    assert (two.level, two.human_solution, two.references) == (3, None, ())
    assert json.loads(two.gold) == {"tests": CALL}


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".parquet"])
def test_tree_and_tables_are_the_same(
    data: Data, folder: Path, tmp_path: Path, ending: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name, rows in (("train", ROWS), ("test", [row(9, question="Other?")])):
        table(folder, name + ending, rows)
        tree(other, name, rows)
    splits = apps.problems(data)
    assert {split: len(found) for split, found in splits.items()} == {
        "train": 5, "val": 2, "test": 1}  # fmt: skip
    assert apps.problems(replace(data, path=str(other))) == splits


def test_a_val_table_is_d_val(data: Data, folder: Path) -> None:
    for name, rows in (("train", ROWS[:3]), ("val", ROWS[3:]), ("test", [row(9, question="?")])):
        table(folder, f"{name}.jsonl", rows)
    splits = apps.problems(data)
    assert [p.problem_id for p in splits["val"]] == ["apps-val-00003", "apps-val-00004"]
    assert len(splits["train"]) == 3


@pytest.mark.parametrize(
    ("tests", "reason"),
    [
        ("", "no tests"),
        (None, "no tests"),
        ("{}", "no tests"),
        ('{"inputs": [], "outputs": []}', "no tests"),
        ('{"inputs": "1", "outputs": "1"}', "no tests"),
        ('{"inputs": [1, 2], "outputs": [1]}', "another number of outputs than inputs"),
    ],
)
def test_problems_without_usable_tests_are_left_out_and_counted(
    data: Data, folder: Path, caplog: pytest.LogCaptureFixture, tests: str | None, reason: str
) -> None:
    table(folder, "test.jsonl", [row(0, input_output=tests), row(1), row(2, input_output=tests)])
    with caplog.at_level(logging.WARNING):
        assert [p.problem_id for p in apps.held_out(data)] == ["apps-test-00001"]
    assert f"apps test: 2 problems with {reason} are left out" in caplog.text


def test_no_more_is_read_than_asked_for(data: Data, folder: Path) -> None:
    table(folder, "test.jsonl", [row(0, input_output=""), row(1), row(2), row(3, question=5)])
    found = apps.held_out(replace(data, test_problems=2))
    assert [p.problem_id for p in found] == ["apps-test-00001", "apps-test-00002"]


def test_numbers_of_any_length_stay_as_they_are(data: Data, folder: Path) -> None:
    huge = "1" * 10_000
    tests = f'{{"inputs": [[{huge}]],\n "fn_name": "f", "outputs": [{huge}]}}'
    table(folder, "test.jsonl", [row(0, input_output=tests)])
    assert apps.held_out(data)[0].gold == f'{{"tests": {tests}}}'


def test_solutions_that_cannot_be_stored_are_no_solutions(data: Data, folder: Path) -> None:
    solutions = ["", " \n", "print('\ud800')", "print(1)"]
    table(folder, "test.jsonl", [row(0, solutions=json.dumps(solutions))])
    problem = apps.held_out(data)[0]
    assert (problem.human_solution, problem.references) == ("print(1)", ())


def test_the_users_examples_say_how_they_are_run(data: Data, folder: Path) -> None:
    table(folder, "test.jsonl", ROWS[:1])
    shots = [
        {"question": "A?", "solution": "print(1)"},
        {"question": "B?", "solution": "def b(): ...", "starter_code": "def b():\n"},
    ]
    (folder / "few_shot.jsonl").write_text("\n".join(map(json.dumps, shots)))
    assert apps.held_out(data)[0].prompt == (
        "QUESTION:\nA?\nUse Standard Input format\nANSWER:\nprint(1)\n\n"
        "QUESTION:\nB?\ndef b():\nUse Call-Based format\nANSWER:\ndef b(): ...\n\n"
        "QUESTION:\nAdd, case 0.\nUse Standard Input format\nANSWER:\n"
    )
    assert apps.exemplars(data) == ["A?", "B?"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"question": None}, r'needs a text "question"'),
        ({"question": 5}, r'needs a text "question"'),
        ({"input_output": "{"}, r"input_output: no JSON"),
        ({"input_output": "[]"}, r"input_output: a row must be a JSON object"),
        ({"input_output": 5}, r'needs a text "input_output"'),
        ({"solutions": "[5]"}, r"solutions: must be a JSON list of programs"),
        ({"solutions": "x"}, r"solutions: no JSON"),
        ({"problem_id": "a"}, r'"problem_id" must be a number'),
        ({"difficulty": 5}, r'needs a text "difficulty"'),
    ],
)
def test_a_bad_row_is_named(
    data: Data, folder: Path, changes: dict[str, object], message: str
) -> None:
    table(folder, "test.jsonl", [row(0), row(1, **changes)])
    with pytest.raises(DataError, match=rf"test\.jsonl:2: {message}"):
        apps.held_out(data)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("input_output.json", "{\n5}", r"input_output\.json:2: no JSON"),
        ("input_output.json", "[]", r"input_output\.json:1: a row must be a JSON object"),
        ("solutions.json", "[\n\n5", r"solutions\.json:3: no JSON"),
        ("solutions.json", "{}", r"solutions\.json:1: must be a JSON list of programs"),
        ("metadata.json", "{", r"metadata\.json:1: no JSON"),
        ("metadata.json", '{"difficulty": 5}', r'metadata\.json:1: needs a text "difficulty"'),
        ("question.txt", " ", r'question\.txt:1: needs a text "question"'),
    ],
)
def test_a_bad_file_of_a_tree_is_named(
    data: Data, folder: Path, file: str, text: str, message: str
) -> None:
    tree(folder, "test", ROWS[:2])
    (folder / "test/0001" / file).write_text(text)
    with pytest.raises(DataError, match=rf"test/0001/{message}"):
        apps.held_out(data)


def test_what_is_missing_is_named(data: Data, folder: Path) -> None:
    with pytest.raises(DataError, match=r"test\.jsonl \(or .* is missing"):
        apps.held_out(data)
    tree(folder, "test", ROWS[:1])
    (folder / "test/0000/question.txt").unlink()
    with pytest.raises(DataError, match=r"cannot read .*0000/question\.txt: No such file"):
        apps.held_out(data)
    (folder / "test/0000").rename(folder / "test/zero")
    with pytest.raises(DataError, match="has no folders 0000, 0001"):
        apps.held_out(data)


# ---- the original files


@pytest.fixture
def five(data: Data, public: Callable[[str], Path]) -> list[Problem]:
    """The five problems that CodeRL shows, in the original layout."""
    content = public("apps_coderl5/apps_coderl5.tar.gz").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(data.path, filter="data")
    (Path(data.path) / "train").rename(Path(data.path) / "test")
    return apps.held_out(data)


def test_the_original_layout_is_read(five: list[Problem]) -> None:
    assert [(p.problem_id[-4:], p.level, "fn_name" in p.gold) for p in five] == [
        ("0001", 3, False), ("0111", 3, False), ("2287", 5, False), ("2404", 1, True),
        ("4184", 1, True)]  # fmt: skip
    assert [len(p.references) for p in five] == [4, 0, 4, 4, 4]


@pytest.fixture
def fifty(data: Data, public: Callable[[str], Path]) -> list[Problem]:
    """The 50 introductory training problems that CodeChain shows, as `datasets` stored them."""
    (Path(data.path) / "test.arrow").symlink_to(public("apps_introductory/introductory.arrow"))
    return apps.held_out(data)


def test_the_arrow_file_and_its_copy_as_json_lines_agree(
    fifty: list[Problem], data: Data, public: Callable[[str], Path], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    copy = public("apps_introductory/derived.introductory.jsonl.gz")
    (other / "test.jsonl.gz").symlink_to(copy)
    assert apps.held_out(replace(data, path=str(other))) == fifty
    assert Counter((p.subject, p.level, "fn_name" in p.gold) for p in fifty) == {
        ("introductory", 1, False): 38, ("introductory", 1, True): 12}  # fmt: skip
    assert sum(1 + len(p.references) for p in fifty) == 242


def quarantined(problems: list[Problem], values: Params) -> list[Quarantined]:
    module = plugins.load("reward", "code")
    with module.open_reward(values.score, machine(1)) as reward:
        return self_check({"test": problems}, reward.score, module.gold_text).quarantined


@pytest.mark.slow
def test_a_solution_of_each_of_the_five_passes(five: list[Problem], values: Params) -> None:
    assert quarantined(five, values) == []


@pytest.mark.slow
def test_the_introductory_problems_that_no_solution_passes(
    fifty: list[Problem], values: Params
) -> None:
    """2398 and 2400 accept several answers, which a list of outputs cannot say."""
    found = quarantined(fifty, values)
    assert [(q.problem_id[-4:], q.outcome) for q in found] == [("2398", WRONG), ("2400", WRONG)]
