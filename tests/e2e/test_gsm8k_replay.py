"""Real recorded solutions through replay, score, filter, train and eval: exact counts."""

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from pipeline import ROOT, fresh

from restem.core.storage import read_rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GSM8K and the recorded solutions in one folder, as the example's README asks."""
    data = os.environ.get("RESTEM_DATA")
    if not data:
        pytest.skip("RESTEM_DATA names no folder with public benchmark data")
    folder = tmp_path_factory.mktemp("source")
    for file in (
        *Path(data, "gsm8k").glob("*.jsonl*"),
        *Path(data, "gsm8k_model_solutions").glob("*.jsonl*"),
    ):
        (folder / file.name).symlink_to(file)
    return folder


def test_recorded_solutions_go_the_whole_way(source: Path, tmp_path: Path) -> None:
    repo = fresh(
        tmp_path / "repo", "preset=gsm8k-replay", "base.steps=40", "eval.max_new_tokens=40"
    )
    repo.run(sys.executable, str(ROOT / "examples/gsm8k_replay/prepare.py"), str(source), "data")
    repo.dvc("repro")
    scored = read_rows("scored", repo.path / "data/iterations/1/scored.parquet")
    assert len(scored) == 5276
    assert sum(r["reward"] > 0 for r in scored) == 2001
    assert {r["outcome"] for r in scored} <= {"correct", "wrong", "no_answer"}
    per_system = Counter(r["sample_index"] for r in scored if r["reward"] > 0)
    assert [per_system[k] for k in range(4)] == [286, 515, 458, 742]
    kept = read_rows("train", repo.path / "data/iterations/1/train.parquet")
    assert len(kept) == 1994
    assert len({r["problem_id"] for r in kept}) == 887
    training = json.loads((repo.path / "metrics/training/1.json").read_text())
    assert training["num_rows"] + training["num_overlong"] == 1994
    assert training["num_updates"] > 0
    assert (repo.path / "models/1/model.safetensors").exists()
    metrics = json.loads((repo.path / "metrics/iterations/1.json").read_text())
    assert metrics["test"]["num_problems"] == 64
    assert repo.run("git", "status", "--porcelain", "data") == ""
    assert not repo.dvc("repro").stages


def test_a_recorded_file_that_is_cut_off_is_one_line_with_its_place(
    source: Path, tmp_path: Path
) -> None:
    repo = fresh(tmp_path / "repo", "preset=gsm8k-replay", "base.steps=2")
    repo.run(sys.executable, str(ROOT / "examples/gsm8k_replay/prepare.py"), str(source), "data")
    recorded = repo.path / "data/replay/1.jsonl"
    recorded.write_bytes(recorded.read_bytes()[:100_000])
    output = repo.run("dvc", "repro", code=255)
    assert re.search(r"restem inputs: .*1\.jsonl:\d+: ", output), output[-1500:]
    assert "Traceback" not in output
