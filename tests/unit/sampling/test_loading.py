from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_models import END, llama, save, word_tokenizer

from restem.core.errors import EngineError
from restem.sampling.loading import load_policy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(llama(), word_tokenizer(), tmp_path / "model")


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def truncated_weights(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def other_sizes(folder: Path) -> None:
    rewrite(folder / "config.json", vocab_size=70)


def more_layers(folder: Path) -> None:
    rewrite(folder / "config.json", num_hidden_layers=3)


def a_classifier(folder: Path) -> None:
    rewrite(folder / "config.json", architectures=["LlamaForSequenceClassification"])


def unknown_kind(folder: Path) -> None:
    rewrite(folder / "config.json", model_type="nonsense")


def no_tokenizer(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()


def broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


@pytest.mark.parametrize(
    ("breaks", "says"),
    [
        (no_config, "config.json is missing"),
        (broken_config, "config.json is no JSON"),
        (no_weights, "no weights"),
        (truncated_weights, "cannot load"),
        (other_sizes, "cannot load"),
        (more_layers, "layers.2"),
        (a_classifier, "LlamaForSequenceClassification"),
        (unknown_kind, "nonsense"),
        (no_tokenizer, "no tokenizer"),
        (broken_tokenizer, "cannot load"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_in_one_line(
    folder: Path, breaks: Callable[[Path], None], says: str
) -> None:
    breaks(folder)
    with pytest.raises(EngineError, match=says) as caught:
        load_policy(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "params.yaml" in str(caught.value)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is missing"):
        load_policy(tmp_path / "nowhere")


def test_every_end_token_the_folder_names_counts(folder: Path) -> None:
    rewrite(folder / "generation_config.json", eos_token_id=[END, 9])
    rewrite(folder / "config.json", eos_token_id=11)
    assert load_policy(folder).end_ids == (END, 9, 11)


def test_loading_prints_nothing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()  # of saving
    load_policy(folder)
    assert capfd.readouterr() == ("", "")
