"""What other tools find: models, datasets, the page, the numbers."""

import json
import re

import pytest
from pipeline import OUTPUTS, Repo

pytestmark = pytest.mark.slow


def test_the_policy_loads_with_transformers_and_generates(shared: Repo) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = shared.path / "models/1"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokens = tokenizer("Problem: Compute 3+4.\nSolution:\n", return_tensors="pt").input_ids
    out = model.generate(tokens, max_new_tokens=8, do_sample=False)
    assert out.shape[1] > tokens.shape[1]
    assert (
        tokenizer.eos_token_id == model.config.eos_token_id == model.generation_config.eos_token_id
    )
    assert not [f.name for f in folder.iterdir() if f.suffix in (".bin", ".pt", ".pkl")]


def test_the_training_rows_load_with_datasets(shared: Repo) -> None:
    from datasets import load_dataset

    path = str(shared.path / "data/iterations/1/train.parquet")
    rows = load_dataset(
        "parquet", data_files=path, split="train", cache_dir=str(shared.path / "hf")
    )
    assert {"prompt", "completion", "weight"} <= set(rows.column_names)
    assert len(rows) > 0


def test_kept_solutions_are_correct_samples_of_training_problems(shared: Repo) -> None:
    from restem.core.storage import read_problems, read_rows

    train = {p.problem_id for p in read_problems(shared.path / "data/problems/train.parquet")}
    scored = {
        r["sample_id"]: r
        for r in read_rows("scored", shared.path / "data/iterations/1/scored.parquet")
    }
    kept = read_rows("train", shared.path / "data/iterations/1/train.parquet")
    assert kept
    for row in kept:
        assert row["problem_id"] in train
        assert scored[row["sample_id"]]["reward"] == 1
        assert scored[row["sample_id"]]["text"] == row["completion"]
    correct = [r for r in scored.values() if r["reward"] > 0]
    distinct = {(r["problem_id"], r["text"]) for r in correct}
    assert len(kept) == len(distinct), "smoke draws fewer than the cap"


def test_no_unknown_token_and_no_machine_in_the_outputs(shared: Repo) -> None:
    for name, content in shared.bytes(*OUTPUTS).items():
        assert str(shared.path).encode() not in content, name
        if not name.endswith("tokenizer.json"):
            assert b"<unk>" not in content, name


def test_the_report_needs_no_network_and_says_its_interval(shared: Repo) -> None:
    page = (shared.path / "metrics/report.html").read_text()
    assert not re.search(r"""(src|href)=["']https?://(?!arxiv)""", page)
    assert "<script" not in page
    assert "95" in page
    summary = json.loads((shared.path / "metrics/summary.json").read_text())
    assert summary
