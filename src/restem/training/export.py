"""The trained model as a Hugging Face folder that loads by path, with a model card.

No pickle, no optimizer state, no paths and no times: the same weights give the same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from restem.core.disk import unwritable
from restem.core.params import Train

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_CARD = """\
---
license: {licence}
library_name: transformers
pipeline_tag: text-generation
tags:
- restem
- rest-em
---

# A policy trained on its own solutions

The M-step of ReST^EM ([arXiv 2312.06585](https://arxiv.org/abs/2312.06585)): a model draws
solutions to problems whose answers can be checked, and is fine-tuned on them, selected or weighted
by that check. This one was fine-tuned from `{base}` on {num_solutions} solutions with restem.

## Use

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("PATH")
tokenizer = AutoTokenizer.from_pretrained("PATH")
```

It continues the few-shot prompts it was trained with, and ends a solution with the end token.

## Training

Loss: weighted negative log-likelihood of the solutions' tokens, prompts masked. The checkpoint with
the best greedy reward on held-out validation problems was kept.

| setting | value |
|---|---|
{table}

## Limits

It has learnt to solve the kind of problem it was trained on, in the form of its prompt, and says
nothing reliable about anything else. A solution with the right answer may still be argued wrongly:
answers were checked, not arguments.
"""


def model_card(
    base: str, licence: str, num_solutions: int, train: Train, facts: Mapping[str, object]
) -> str:
    """README.md of a trained model: YAML front matter and a short body. Equal inputs give equal
    text.

    `base` is a name, never a path; `facts` are further lines of the table.
    """
    rows = {**{f"train.{key}": value for key, value in asdict(train).items()}, **facts}
    table = "\n".join(f"| {key} | `{value}` |" for key, value in rows.items())
    return _CARD.format(licence=licence, base=base, num_solutions=num_solutions, table=table)


def licence_of(model_dir: Path) -> str:
    """What the card in `model_dir` says its licence is; `unknown` (a value the Hub knows) without
    one."""
    from huggingface_hub import metadata_load
    from yaml import YAMLError

    try:
        metadata = metadata_load(model_dir / "README.md") or {}
    except (OSError, ValueError, YAMLError):
        metadata = {}
    return str(metadata.get("license", "unknown"))


def export(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    out_dir: Path,
    card: str,
    adapter: Sequence[Path] = (),
) -> None:
    """Replace `out_dir` by the model, whole or not at all; the files of an adapter that is merged
    into it stand beside, in `adapter/`. Raises: ResumeError when the disk is full."""
    from safetensors import SafetensorError

    partial = out_dir.with_name(f".{out_dir.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        (partial / "README.md").write_text(card, encoding="utf-8")
        for file in adapter:
            (partial / "adapter").mkdir(exist_ok=True)
            shutil.copyfile(file, partial / "adapter" / file.name)
        shutil.rmtree(out_dir, ignore_errors=True)
        partial.rename(out_dir)
    except (OSError, SafetensorError) as error:
        refused = unwritable(out_dir, error)  # it says how much was free before the next line
        shutil.rmtree(partial, ignore_errors=True)
        raise refused from error
