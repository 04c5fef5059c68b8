"""Training processes on a Ray cluster, one per GPU, by Ray Train.

The folders of the model and of the checkpoints must lie at the same path on every node.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from restem.core.connection import first_line
from restem.core.errors import EngineError
from restem.training.job import Job
from restem.training.leg import LOOK_S, run_leg

if TYPE_CHECKING:
    from ray.train.torch import TorchTrainer


def run(job: Job, tell: Callable[[], None]) -> str:
    """Train to the next check; why it failed, "" if it did not. Ray must be connected.

    Raises: EngineError if the cluster is too small.
    """
    import ray
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    resources = ray.cluster_resources()
    on_gpu = bool(resources.get("GPU"))
    there = int(resources.get("GPU" if on_gpu else "CPU", 0))
    if there < job.processes:
        raise EngineError(
            f"the Ray cluster has {there} {'GPUs' if on_gpu else 'cores'}, train.processes is "
            f"{job.processes}. Add nodes (`ray start --address ...`), or lower it (params.yaml)."
        )
    scaling = ScalingConfig(num_workers=job.processes, use_gpu=on_gpu, placement_strategy="PACK")
    with tempfile.TemporaryDirectory() as results:
        trainer = TorchTrainer(
            _work,
            train_loop_config={"work_dir": str(job.work_dir.resolve())},
            scaling_config=scaling,
            torch_config=TorchConfig(backend="nccl" if on_gpu else "gloo"),
            run_config=RunConfig(storage_path=results),
        )
        failures: list[str] = []
        running = threading.Thread(target=_fit, args=(trainer, failures), daemon=True)
        running.start()
        while running.is_alive():
            running.join(LOOK_S)
            tell()
    return failures[0] if failures else ""


def _fit(trainer: TorchTrainer, failures: list[str]) -> None:
    import ray

    try:
        trainer.fit()
    except (RuntimeError, ray.exceptions.RayError) as error:
        failures.append(first_line(error))


def _work(config: dict[str, str]) -> None:
    """In every process."""
    from ray.train import get_context

    run_leg(Path(config["work_dir"]), get_context().get_world_rank())
