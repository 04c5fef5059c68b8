"""What to train on what, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restem.core import storage
from restem.core.params import Train
from restem.core.records import TrainRow
from restem.core.seeds import digest, stable_hash

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

FILE = "job.json"
PATHS = ("init_dir", "out_dir", "work_dir")


@dataclass(frozen=True)
class Job:
    """The same for every process."""

    init_dir: Path
    """Hugging Face folder of the model to start from."""
    base_name: str
    """What the model card calls the base; never a path."""
    out_dir: Path
    """Where the trained model is written, whole, at the end."""
    work_dir: Path
    """Checkpoints; survives a kill. Empty, or of an earlier attempt at the same job."""
    rows: Sequence[TrainRow]
    train: Train
    max_epochs: int
    seed: int

    @cached_property
    def processes(self) -> int:
        """How many train together."""
        if self.train.processes:
            return self.train.processes
        import torch

        return max(1, int(torch.cuda.device_count()))

    @cached_property
    def apart(self) -> bool:
        """Whether updates are computed in processes of their own, from check to check."""
        train = self.train
        return (
            self.processes > 1
            or train.deepspeed != "off"
            or train.cluster != "local"
            or train.check_engine != "hf"
        )

    @cached_property
    def key(self) -> str:
        """A checkpoint of a job with another one is refused."""
        rows = [asdict(row) for row in self.rows]
        # Not where it runs, nor who answers D_val. DeepSpeed keeps a part for every process.
        parts = 1 if self.train.deepspeed == "off" else self.processes
        where = {"cluster": "local", "check_engine": "hf", "processes": parts}
        settings = {**asdict(self.train), **where}
        return stable_hash(rows, settings, self.max_epochs, self.seed, digest(self.init_dir))

    def max_length(self, config: PreTrainedConfig) -> int:
        """Of a row in tokens: what is allowed, and what the model has positions for."""
        limit = getattr(config.get_text_config(), "max_position_embeddings", None)
        return min(self.train.max_length, limit or self.train.max_length)

    def save(self) -> None:
        """For other processes, in the folder of the checkpoints."""
        values = {
            "rows": [asdict(row) for row in self.rows],
            "train": asdict(replace(self.train, processes=self.processes)),
            "base_name": self.base_name,
            "max_epochs": self.max_epochs,
            "seed": self.seed,
            "key": self.key,
            **{name: str(getattr(self, name).resolve()) for name in PATHS},
        }
        storage.write_json(self.work_dir / FILE, values)


def read_job(work_dir: Path) -> Job:
    """The job that was saved there."""
    values: dict[str, Any] = storage.read_json(work_dir / FILE)
    key = values.pop("key")
    values.update({name: Path(values[name]) for name in PATHS})
    rows = [TrainRow(**row) for row in values.pop("rows")]
    job = Job(rows=rows, train=Train(**values.pop("train")), **values)
    vars(job)["key"] = key  # the model is hashed once, by the process that saved it
    return job
