"""`python grpo_step.py FOLDER` trains a tiny random model for one step with TRL's GRPOTrainer and
the reward of examples/grade_server. FOLDER/rewards.json has what it wrote, the golds, the rewards.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tiny_models import llama

sys.path.append(str(Path(__file__).parents[1] / "examples" / "grade_server"))


def digits() -> Any:
    """A tokenizer of ten digits."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<end>", "<pad>", *map(str, range(10))]
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="0"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    inner.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<end>", pad_token="<pad>")


def main(folder: str) -> None:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer
    from trl_reward import restem_reward

    def reward(completions: list[str], **columns: Any) -> list[float | None]:
        rewards: list[float | None] = restem_reward(completions, **columns)
        said = {"completions": completions, "gold": columns["gold"], "rewards": rewards}
        Path(folder, "rewards.json").write_text(json.dumps(said))
        return rewards

    arguments = GRPOConfig(
        output_dir=folder, max_steps=1, per_device_train_batch_size=16, num_generations=8,
        max_completion_length=1, temperature=2.0, use_cpu=True, report_to=[],
        save_strategy="no", logging_strategy="no", disable_tqdm=True, seed=0,
    )  # fmt: skip
    problems = Dataset.from_dict({"prompt": ["12", "34"] * 4, "gold": ["8"] * 8})
    GRPOTrainer(
        model=llama(vocab_size=12), reward_funcs=reward, args=arguments, train_dataset=problems,
        processing_class=digits(),
    ).train()  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
