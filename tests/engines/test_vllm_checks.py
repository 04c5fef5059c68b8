"""D_val answered by vLLM, in a process of its own, between the updates of a training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tiny_models
from training_jobs import job, silent

from restem.core import layout, params, storage
from restem.core.records import Problem, TrainRow
from restem.stages.train import val_reward, validator
from restem.training.loop import train

pytestmark = pytest.mark.slow
pytest.importorskip("vllm", reason="`make engines` installs vLLM")
PROMPT, SOLUTION = "2+5=", r" \boxed{7}"


def problem(number: int, answer: int) -> Problem:
    gold = f'{{"answer": "{answer}"}}'
    return Problem(f"p{number}", "sums", "val", "", 0, "2+5", PROMPT, (), gold, None)


def test_checks_by_vllm_are_those_of_hf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = params.load(Path(__file__).parents[2] / "tests/params.yaml")
    values = replace(values, reward="math", eval=replace(values.eval, max_new_tokens=16))
    by_vllm = replace(values, train=replace(values.train, check_engine="vllm"))
    model = tiny_models.llama(hidden_size=128, vocab_size=258)
    policy = tiny_models.save(model, tiny_models.byte_tokenizer(), tmp_path / "policy")
    monkeypatch.chdir(tmp_path)
    problems = [problem(i, answer=7 if i < 3 else 8) for i in range(4)]
    storage.write_problems(layout.problems("val"), problems)
    rows = [TrainRow(PROMPT, SOLUTION, 1.0, f"p{i}", f"s{i}") for i in range(40)]
    work = job(tmp_path, policy, rows=rows, max_epochs=2, checks_per_epoch=1, lr=3e-3,
               share_prompts=False, check_engine="vllm")  # fmt: skip
    result = train(work, validator(by_vllm, apart=True), silent)
    assert [check["reward"] for check in result.checks][-1] == 0.75
    assert val_reward(values, tmp_path / "out") == 0.75
    assert result.num_updates == 2 * result.checks[0]["step"]
