"""The GSM8K importer on small files of its format, and on the original ones where they are at
hand."""

import gzip
import json
import runpy
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from settings import machine

from restem.core.errors import DataError, ParamsError
from restem.core.params import Data, Params
from restem.core.records import CORRECT, Problem
from restem.method.decontamination import check_disjoint, overlaps
from restem.rewards.math import open_reward
from restem.tasks import gsm8k, shots

ROOT = Path(__file__).parents[3]
PREPARE = ROOT / "examples/gsm8k_replay/prepare.py"


def row(question: str, answer: str = "2") -> dict[str, str]:
    return {"question": question, "answer": f"1+1=<<1+1=2>>2\n#### {answer}"}


def write(path: Path, rows: list[dict[str, str]]) -> None:
    content = "".join(json.dumps(r) + "\n" for r in rows).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def data(data: Data, tmp_path: Path) -> Data:
    """200 training and 30 test questions."""
    write(tmp_path / "train.jsonl.gz", [row(f"Train {n}?", str(n)) for n in range(200)])
    write(tmp_path / "test.jsonl", [row(f"Test {n}?", f"1,{n:03d}") for n in range(30)])
    return replace(data, train_problems=100, val_problems=20, test_problems=10)


def ids(problems: list[Problem]) -> list[str]:
    return [problem.problem_id for problem in problems]


def test_splits_have_the_sizes_asked_for(data: Data) -> None:
    splits = gsm8k.problems(data)
    assert [len(splits[name]) for name in ("train", "val", "test")] == [100, 20, 10]
    assert all(problem.split == split for split, rows in splits.items() for problem in rows)
    assert len({problem.problem_id for rows in splits.values() for problem in rows}) == 130


def test_a_problem_holds_what_its_row_says(data: Data) -> None:
    problem = gsm8k.problems(data)["test"][7]
    prompt = problem.prompt
    assert prompt.count("Question: ") == 3
    assert prompt.endswith("#### 14\n\nQuestion: Test 7?\nAnswer:\n")
    assert problem == Problem(
        problem_id="gsm8k-test-00007", task="gsm8k", split="test", subject="word problems", level=0,
        question="Test 7?", prompt=prompt,
        stop=("\n\nQuestion:", "Question:"), gold='{"answer": "1007"}',
        human_solution="1+1=<<1+1=2>>2\n#### 1,007",
    )  # fmt: skip


def test_test_is_the_start_of_its_file(data: Data) -> None:
    assert ids(gsm8k.problems(data)["test"]) == [f"gsm8k-test-{n:05d}" for n in range(10)]


def test_val_does_not_change_with_the_size_of_train(data: Data) -> None:
    small, large = (gsm8k.problems(replace(data, train_problems=n)) for n in (10, 150))
    assert small["val"] == large["val"]
    assert set(ids(small["train"])) < set(ids(large["train"]))


def test_the_seed_draws_the_splits(data: Data) -> None:
    one, two = (gsm8k.problems(replace(data, seed=seed)) for seed in (0, 1))
    assert one["val"] != two["val"]
    assert one == gsm8k.problems(data)


def test_sizes_above_what_there_is_take_what_there_is(data: Data) -> None:
    splits = gsm8k.problems(replace(data, train_problems=10**6, test_problems=10**6))
    assert (len(splits["train"]), len(splits["test"])) == (180, 30)


def test_val_must_leave_something_to_train_on(data: Data) -> None:
    with pytest.raises(ParamsError, match=r"data\.val_problems must be below 200"):
        gsm8k.problems(replace(data, val_problems=200))


def test_a_val_file_is_d_val_and_leaves_all_of_train(data: Data) -> None:
    write(Path(data.path) / "val.jsonl", [row(f"Val {n}?") for n in range(50)])
    splits = gsm8k.problems(replace(data, train_problems=200))
    assert ids(splits["train"]) == [f"gsm8k-train-{n:05d}" for n in range(200)]
    assert ids(splits["val"]) == [f"gsm8k-val-{n:05d}" for n in range(20)]


def test_questions_of_test_and_val_are_left_out_of_train(
    data: Data, caplog: pytest.LogCaptureFixture
) -> None:
    train = [row(f"Train {n}?") for n in range(199)] + [row("Test  29? ")]
    write(Path(data.path) / "train.jsonl.gz", train)
    splits = gsm8k.problems(replace(data, train_problems=10**6, val_problems=1))
    assert "gsm8k-train-00199" not in ids(splits["train"])
    assert "1 training questions that also stand in test" in caplog.text


@pytest.mark.parametrize("val_file", [False, True])
def test_a_question_of_train_and_test_never_reaches_val(data: Data, val_file: bool) -> None:
    """Whatever the seed draws; letter case and blanks make no other question."""
    shared = row("VAL  49?" if val_file else "TEST  29?")
    write(Path(data.path) / "train.jsonl.gz", [shared, *(row(f"Train {n}?") for n in range(199))])
    if val_file:
        write(Path(data.path) / "val.jsonl", [row(f"Val {n}?") for n in range(50)])
    for seed in range(12):
        splits = gsm8k.problems(replace(data, seed=seed, val_problems=100, test_problems=30))
        check_disjoint(splits)
        assert "gsm8k-train-00000" not in ids([*splits["train"], *splits["val"]])


def test_questions_that_train_repeats_stay_on_one_side(data: Data) -> None:
    twice = [row("Train 0?"), row("TRAIN 0?"), *(row(f"Train {n}?") for n in range(1, 199))]
    write(Path(data.path) / "train.jsonl.gz", twice)
    for seed in range(12):
        check_disjoint(gsm8k.problems(replace(data, seed=seed, val_problems=99)))


def test_many_shared_questions_are_a_mix_up(data: Data) -> None:
    write(Path(data.path) / "train.jsonl.gz", [row(f"Test {n}?") for n in range(30)] * 5)
    with pytest.raises(DataError, match="more than 1 %"):
        gsm8k.problems(data)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "no JSON"),
        ("5", "a row must be a JSON object"),
        ('{"question": "a?"}', 'needs a text "answer"'),
        ('{"question": "a?", "answer": 5}', 'needs a text "answer"'),
        ('{"question": "a?", "answer": "so 5"}', "#### 18"),
        ('{"question": "a?", "answer": "so 5\\n####  "}', "#### 18"),
    ],
)
def test_a_bad_line_is_named(data: Data, line: str, message: str) -> None:
    path = Path(data.path) / "test.jsonl"
    path.write_text(json.dumps(row("a?")) + "\n" + line + "\n")
    with pytest.raises(DataError, match=r"test\.jsonl:2: ") as error:
        gsm8k.problems(data)
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["test.jsonl", "train.jsonl.gz"])
def test_a_missing_file_is_named(data: Data, name: str) -> None:
    (Path(data.path) / name).unlink()
    with pytest.raises(DataError, match=f"{name.split('.')[0]}.jsonl .* is missing"):
        gsm8k.problems(data)


def test_a_missing_folder_is_named(data: Data) -> None:
    with pytest.raises(DataError, match=r"nowhere/train\.jsonl"):
        gsm8k.problems(replace(data, path="nowhere"))


def test_a_damaged_file_is_named(data: Data) -> None:
    path = Path(data.path) / "train.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match="cannot read"):
        gsm8k.problems(data)


def test_the_test_set_alone_is_the_same(data: Data) -> None:
    assert gsm8k.held_out(data) == gsm8k.problems(data)["test"]


def test_few_shot_examples_end_as_they_should_and_are_right() -> None:
    for shot in shots.own("gsm8k", gsm8k.FORM):
        *worked, last = shot.solution.splitlines()
        assert last.startswith("#### ")
        for line in worked:
            _check_sums(line)


def _check_sums(line: str) -> None:
    """Each "a op b = c" of a worked line holds."""
    from restem.rewards.exact import decide

    left, _, right = line.partition(" = ")
    formula = "".join(c for c in left if c in "0123456789.+-*/ ").strip()
    assert decide(right.split()[0], formula.replace(" ", "")) is True


def test_gold_equals_itself(data: Data, values: Params) -> None:
    problems = gsm8k.problems(data)["train"]
    texts = [str(problem.human_solution) for problem in problems]
    with open_reward(values.score, machine(1)) as reward:
        assert all(verdict.reward == 1 for verdict in reward.score(problems, texts))


# ---- the original files


def original(data: Data, folder: Path, **sizes: int) -> dict[str, list[Problem]]:
    return gsm8k.problems(replace(data, path=str(folder), **sizes))  # type: ignore[arg-type]


def test_every_original_gold_equals_itself(
    data: Data, values: Params, public: Callable[[str], Path]
) -> None:
    splits = original(data, public("gsm8k"), few_shot=4, train_problems=10**6, val_problems=500,
                      test_problems=10**6)  # fmt: skip
    assert {split: len(rows) for split, rows in splits.items()} == {
        "train": 6973, "val": 500, "test": 1319,
    }  # fmt: skip
    problems = [problem for rows in splits.values() for problem in rows]
    texts = [str(problem.human_solution) for problem in problems]
    with open_reward(values.score, machine(1)) as reward:
        verdicts = reward.score(problems, texts)
    assert Counter((v.outcome, v.detail) for v in verdicts) == {(CORRECT, "####"): 8792}


def test_three_test_questions_share_thirteen_words_with_train(
    data: Data, public: Callable[[str], Path]
) -> None:
    """Source of the counts: exact 0 and 13-grams 3 of the whole train and test files."""
    splits = original(data, public("gsm8k"), train_problems=10**6, val_problems=0,
                      test_problems=10**6)  # fmt: skip
    assert (len(splits["train"]), len(splits["test"])) == (7473, 1319)
    found = overlaps(splits)["test"]
    assert [found[m]["count"] for m in ("exact", "digits", "ngram")] == [0, 0, 3]


def test_the_replay_example_covers_its_problems_and_agrees_with_every_label(
    data: Data, values: Params, public: Callable[[str], Path], tmp_path: Path
) -> None:
    """Source of the counts: the labels in the file itself; 2,001 right of 5,276."""
    source = _source(tmp_path / "source", public("gsm8k").parent)
    prepare: Callable[[Path, Path], dict[str, int]] = runpy.run_path(str(PREPARE))["prepare"]
    assert prepare(source, tmp_path)["replay/1.jsonl"] == 5276
    splits = original(data, tmp_path / "gsm8k", train_problems=1319, val_problems=300,
                      test_problems=500)  # fmt: skip
    assert [len(splits[name]) for name in ("train", "val", "test")] == [1319, 300, 500]
    by_id = {problem.problem_id: problem for problem in splits["train"]}
    rows = [json.loads(line) for line in (tmp_path / "replay/1.jsonl").read_bytes().splitlines()]
    assert {r["problem_id"] for r in rows} == set(by_id)
    with open_reward(values.score, machine(1)) as reward:
        verdicts = reward.score([by_id[r["problem_id"]] for r in rows], [r["text"] for r in rows])
    labels = _labels(source)
    assert [v.reward == 1 for v in verdicts] == [labels[r["problem_id"], r["system"]] for r in rows]
    right = [r for r, v in zip(rows, verdicts, strict=True) if v.reward]
    assert Counter(r["system"] for r in right) == {
        "6b_finetuning": 286, "6b_verification": 515,
        "175b_finetuning": 458, "175b_verification": 742,
    }  # fmt: skip
    assert len({(r["problem_id"], r["text"]) for r in right}) == 1994
    assert len({r["problem_id"] for r in right}) == 887


def _source(folder: Path, public: Path) -> Path:
    """The files as one folder, as they are in their repository."""
    folder.mkdir()
    for name in ("gsm8k/train.jsonl.gz", "gsm8k/test.jsonl",
                 "gsm8k_model_solutions/example_model_solutions.jsonl.gz"):  # fmt: skip
        (folder / Path(name).name).symlink_to(public / name)
    return folder


def _labels(source: Path) -> dict[tuple[str, str], bool]:
    with gzip.open(source / "example_model_solutions.jsonl.gz", "rt") as lines:
        return {
            (f"gsm8k-train-{number:05d}", system): value["is_correct"]
            for number, line in enumerate(lines)
            for system, value in json.loads(line).items()
            if isinstance(value, dict)
        }
