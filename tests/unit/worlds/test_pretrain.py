"""A short pre-training: reproducible, resumable, and a folder that agrees with itself."""

import json
from itertools import islice
from pathlib import Path
from random import Random

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from restem.core.params import Base
from restem.worlds.arithmetic.world import ARITHMETIC
from restem.worlds.batches import IGNORED, Example, batches, collate, examples, pack
from restem.worlds.pretrain import learning_rate, pretrain
from restem.worlds.tokenizer import EOS_ID, PAD_ID, build_tokenizer
from restem.worlds.world import Corpus

pytestmark = pytest.mark.slow  # trains models

BASE = Base(seed=3, steps=20, batch_tokens=256, lr=0.005)
CORPUS = Corpus(ARITHMETIC, ())


class Killed(BaseException):
    """Not an Exception, as KeyboardInterrupt is not."""


def train(folder: Path, base: Base = BASE, kill_at: int = 0) -> dict[str, object]:
    def on_step(step: int, live: str) -> None:
        assert live.startswith("loss ")
        if step == kill_at:
            raise Killed

    return pretrain(folder / "out", CORPUS, base, folder / "checkpoints", on_step, every=5)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    folder = tmp_path_factory.mktemp("straight")
    return folder / "out", train(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("kill_at", [13, 20])
def test_killed_and_resumed_run_ends_with_the_same_bytes(
    straight: tuple[Path, dict[str, object]], tmp_path: Path, kill_at: int
) -> None:
    with pytest.raises(Killed):
        train(tmp_path, kill_at=kill_at)
    left = [path.name for path in (tmp_path / "checkpoints").glob("*")]
    assert left == [f"step-{kill_at // 5 * 5:09d}.pt"]
    assert train(tmp_path) == straight[1]
    assert contents(tmp_path / "out") == contents(straight[0])


def test_another_seed_gives_another_model(
    straight: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    other = train(tmp_path, Base(seed=4, steps=20, batch_tokens=256, lr=0.005))
    assert other["sha256"] != straight[1]["sha256"]
    assert contents(tmp_path / "out")["tokenizer.json"] == contents(straight[0])["tokenizer.json"]


def test_steps_are_reported_one_by_one(tmp_path: Path) -> None:
    seen: list[tuple[int, str]] = []
    base = Base(seed=0, steps=3, batch_tokens=256, lr=0.005)
    report = pretrain(tmp_path / "out", CORPUS, base, tmp_path / "checkpoints",
                      lambda step, live: seen.append((step, live)))  # fmt: skip
    assert [step for step, _ in seen] == [1, 2, 3]
    assert 6.2 < float(seen[0][1].removeprefix("loss ")) < 6.6  # ln 594, the vocabulary, is 6.39
    assert report["steps"] == 3
    assert isinstance(report["tokens"], int)
    assert 3 * 150 < report["tokens"] < 3 * 350


def test_random_state_and_threads_are_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    threads = torch.get_num_threads()
    train(tmp_path, Base(seed=0, steps=2, batch_tokens=256, lr=0.005))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_folder_is_complete_and_agrees_with_itself(
    straight: tuple[Path, dict[str, object]],
) -> None:
    folder, report = straight
    assert set(contents(folder)) == {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json",
    }  # fmt: skip
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    generation = GenerationConfig.from_pretrained(folder)
    assert model.config.vocab_size == len(tokenizer) == model.get_input_embeddings().weight.shape[0]
    assert model.config.tie_word_embeddings
    assert model.config.max_position_embeddings == tokenizer.model_max_length == 2048
    for source in (model.config, generation, tokenizer):
        assert (source.eos_token_id, source.pad_token_id) == (EOS_ID, PAD_ID)
    assert generation.do_sample is False
    assert generation.validate(strict=True) is None
    assert report["parameters"] == sum(parameter.numel() for parameter in model.parameters())


def test_folder_names_no_path_and_no_date(straight: tuple[Path, dict[str, object]]) -> None:
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        values = json.loads((straight[0] / name).read_text())
        assert not {"_name_or_path", "name_or_path", "date", "timestamp"} & set(values)
        assert str(straight[0].parent) not in json.dumps(values)


def test_saved_model_predicts_the_corpus(straight: tuple[Path, dict[str, object]]) -> None:
    """The weights on disk are the trained ones: better than an even guess over the vocabulary."""
    model = AutoModelForCausalLM.from_pretrained(straight[0])
    tokenizer = AutoTokenizer.from_pretrained(straight[0])
    ids = torch.tensor([tokenizer.encode("Facts: 2+3=5, 12-7=5, 3*4=12, 20+30=50")])
    with torch.inference_mode():
        loss = model(ids, labels=ids).loss.item()
    assert loss < 0.7 * torch.tensor(float(len(tokenizer))).log().item()


@pytest.mark.parametrize(
    ("step", "share"),
    [(1, 0.01), (50, 0.5 * 0.99437), (100, 0.97736 * 1.0), (1001, 0.05 + 0.95 * 0.5), (2000, 0.05)],
)
def test_learning_rate_warms_up_and_falls(step: int, share: float) -> None:
    assert learning_rate(step, 2000) == pytest.approx(share, rel=0.02)


def test_prompts_carry_no_loss_and_documents_end() -> None:
    tokenizer = build_tokenizer(ARITHMETIC)
    document = [
        ("Problem: Compute 1+1.\nSolution:\n", "1+1=2"),
        ("Problem: x\nSolution:\n", "Done"),
    ]
    (made,) = examples([document], ARITHMETIC.separator, tokenizer)
    learned = [token for token in made.labels if token != IGNORED]
    assert tokenizer.decode(made.ids) == "".join(
        ["Problem: Compute 1+1.\nSolution:\n1+1=2\n\n", "Problem: x\nSolution:\nDone<eos>"]
    )
    assert tokenizer.decode(learned) == "1+1=2\n\nDone<eos>"
    assert all(
        label in (IGNORED, token) for token, label in zip(made.ids, made.labels, strict=True)
    )


def test_batches_hold_every_example_once_within_the_budget() -> None:
    rng = Random(0)
    bucket = [Example([k] * rng.randint(5, 90), []) for k in range(300)]
    made = list(pack(bucket, 200, Random(1)))
    assert sorted(e.ids[0] for batch in made for e in batch) == list(range(300))
    assert all(len(batch) * max(len(e.ids) for e in batch) <= 200 for batch in made)


def test_longer_than_the_budget_is_a_batch_of_its_own() -> None:
    made = list(pack([Example([1] * 9, []), Example([2] * 30, [])], 10, Random(0)))
    assert [len(batch) for batch in made] == [1, 1]


def test_batches_come_without_end() -> None:
    endless = (Example([k], [k]) for k in iter(int, 1))
    assert len(list(islice(batches(endless, 64, Random(0)), 100))) == 100


def test_collate_pads_on_the_right() -> None:
    ids, labels = collate([Example([5, 6, 7], [IGNORED, 6, 7]), Example([8], [8])])
    assert ids.tolist() == [[5, 6, 7], [8, PAD_ID, PAD_ID]]
    assert labels.tolist() == [[IGNORED, 6, 7], [8, IGNORED, IGNORED]]
