from pathlib import Path

import pytest
import yaml
from training_jobs import TRAIN, contents, llama, tokenizer

from restem.core.errors import ResumeError
from restem.training.export import export, licence_of, model_card

CARD = model_card("base", "apache-2.0", 12, TRAIN, {"seed": 1})


def front_matter(card: str) -> dict[str, object]:
    values: dict[str, object] = yaml.safe_load(card.split("---\n")[1])
    return values


def test_the_folder_loads_by_path(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = llama()
    export(model, tokenizer(), tmp_path / "out", CARD)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    words = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), loaded.parameters(), strict=True)
    )
    assert words("w1 .")["input_ids"] == tokenizer()("w1 .")["input_ids"]
    assert words.eos_token_id == loaded.config.eos_token_id == loaded.generation_config.eos_token_id


def test_equal_models_give_equal_bytes_wherever_they_are_written(tmp_path: Path) -> None:
    for name in ("a", "b"):
        export(llama(), tokenizer(), tmp_path / name / "out", CARD)
    assert contents(tmp_path / "a/out") == contents(tmp_path / "b/out")


def test_nothing_is_pickled_and_no_path_is_told(tmp_path: Path) -> None:
    export(llama(), tokenizer(), tmp_path / "out", CARD)
    files = contents(tmp_path / "out")
    assert {"model.safetensors", "config.json", "generation_config.json"} <= set(files)
    assert {"tokenizer.json", "tokenizer_config.json", "README.md"} <= set(files)
    assert not any(name.endswith((".bin", ".pt", ".pth", ".pkl")) for name in files)
    assert not any(str(tmp_path).encode() in data for data in files.values())


def test_an_older_folder_is_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/stale.bin").touch()
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial/stale.bin").touch()
    export(llama(), tokenizer(), tmp_path / "out", CARD)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert "stale.bin" not in contents(tmp_path / "out")


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ResumeError, match="file/out"):
        export(llama(), tokenizer(), tmp_path / "file/out", CARD)


def test_the_card_says_what_the_hub_asks_and_how_it_was_made() -> None:
    assert front_matter(CARD) == {
        "license": "apache-2.0",
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["restem", "rest-em"],
    }
    assert "arxiv.org/abs/2312.06585" in CARD
    assert "from `base` on 12 solutions" in " ".join(CARD.split())
    assert "fine-tuned on them, selected or weighted by that check" in " ".join(CARD.split())
    assert "| train.lr | `0.005` |" in CARD
    assert "| seed | `1` |" in CARD


def test_the_licence_is_that_of_the_base(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(CARD.replace("apache-2.0", "mit"))
    assert licence_of(tmp_path) == "mit"


@pytest.mark.parametrize(
    "card", [None, "no front matter", "---\nlanguage: en\n---\n", "---\n: [\n---\n"]
)
def test_a_base_that_names_no_licence_has_an_unknown_one(tmp_path: Path, card: str | None) -> None:
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert licence_of(tmp_path) == "unknown"
