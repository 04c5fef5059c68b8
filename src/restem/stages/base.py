"""Policy 0: the tiny base model, pre-trained here, or a copy of the model folder that is named."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from restem.core import layout, storage
from restem.core.disk import unwritable
from restem.core.errors import EngineError
from restem.core.identity import stage_code
from restem.core.params import Params
from restem.core.progress import Progress
from restem.core.scratch import scratch, write_atomically
from restem.core.seeds import digest
from restem.worlds.arithmetic.world import ARITHMETIC
from restem.worlds.programs.world import PROGRAMS
from restem.worlds.world import Corpus

log = logging.getLogger(__name__)

CARD = """\
---
license: apache-2.0
library_name: transformers
pipeline_tag: text-generation
tags:
- restem
---

# The tiny base model of restem

A Llama pre-trained by `dvc repro` on the embedded world: {about}, written by authors who
are systematically wrong. It is there to be improved on, and knows nothing else.
"""


def run(params: Params, iteration: str | None) -> None:
    """Write models/0. Raises: EngineError if `model` names no model folder."""
    out = layout.model("0")
    if params.model == "tiny":
        _pretrain(params, out)
    else:
        _copy(Path(params.model), out)


def _pretrain(params: Params, out: Path) -> None:
    from transformers.utils import logging as logging_of_transformers

    from restem.worlds.pretrain import pretrain

    corpus = _corpus()
    key = {
        "base": asdict(params.base),
        "problems": digest(layout.PROBLEMS),
        "code": stage_code("base", params),
    }
    partial = _partial(out)
    logging_of_transformers.disable_progress_bar()
    with (
        _whole(partial, out),
        scratch("base", key) as work,
        Progress("base: pre-training", params.base.steps, "updates") as bar,
    ):
        info = pretrain(
            partial,
            corpus,
            params.base,
            work.path,
            lambda done, live: bar.advance(done - bar.count, live),
        )
        write_atomically(partial / "README.md", CARD.format(about=corpus.world.about).encode())
    _swap(partial, out)
    log.info("base: %s parameters, %s updates, %s tokens, loss %.3f -> %s", info["parameters"],
             info["steps"], info["tokens"], info["loss"], out)  # fmt: skip


def _corpus() -> Corpus:
    """Of the world that the problems are from, arithmetic for those of no world."""
    splits = sorted(layout.PROBLEMS.glob("*.parquet"))
    problems = [problem for split in splits for problem in storage.read_problems(split)]
    world = PROGRAMS if any(problem.task == "code" for problem in problems) else ARITHMETIC
    return Corpus(world, frozenset(problem.question for problem in problems))


def _copy(source: Path, out: Path) -> None:
    """Raises: EngineError with what is missing."""
    from transformers import AutoConfig, AutoTokenizer

    if not (source / "config.json").is_file():
        raise EngineError(
            f"model: {source} is no Hugging Face model folder (no config.json). "
            'Set `model` in params.yaml to a folder on this machine, or to "tiny".'
        )
    if not list(source.glob("*.safetensors")):
        raise EngineError(f"model: {source} holds no *.safetensors weights")
    try:
        AutoConfig.from_pretrained(source, local_files_only=True)
        AutoTokenizer.from_pretrained(source, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise EngineError(f"model: {source} cannot be loaded: {reason}") from error
    partial = _partial(out)
    skip = shutil.ignore_patterns("*.bin", "*.pt", "*.pth", ".git")
    with _whole(partial, out):
        shutil.copytree(source, partial, ignore=skip)
    _swap(partial, out)
    log.info("base: copied %s -> %s", source, out)


def _partial(out: Path) -> Path:
    """An empty place beside `out`: what is there stays until the new model is whole."""
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    return partial


@contextmanager
def _whole(partial: Path, out: Path) -> Iterator[None]:
    """A folder that cannot be written to its end is deleted, so that it takes no space.

    Raises: ResumeError when the disk is full.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        refused = unwritable(out, error)
        shutil.rmtree(partial, ignore_errors=True)
        raise refused from error


def _swap(partial: Path, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    partial.rename(out)
