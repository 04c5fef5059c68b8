"""The connection of this process to a Ray cluster."""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from restem.core.errors import EngineError
from restem.core.params import Machine

CONNECT_S = 10.0  # patience with an address


@contextmanager
def connected(machine: Machine) -> Iterator[None]:
    """The cluster at RAY_ADDRESS, else one of this machine's cores, which ends with the context; or
    the one this process is connected to already. Raises: EngineError."""
    if importlib.util.find_spec("ray") is None:
        raise EngineError(
            "Ray is not installed. Run `make engines`, on a machine with NVIDIA GPUs `make gpu`."
        )
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    _users.append(ray.is_initialized())
    try:
        if not _users[-1]:
            _connect(machine)
        yield
    finally:  # whoever is last ends it, unless it was there before the first
        if len(_users) == 1 and not _users[0]:
            ray.shutdown()
        _users.pop()


_users: list[bool] = []
"""For each `connected` under way, whether there was a connection already."""


def _connect(machine: Machine) -> None:
    """Raises: EngineError."""
    import ray

    address = os.environ.get("RAY_ADDRESS", "")
    here = {} if address else {"num_cpus": machine.workers or len(os.sched_getaffinity(0))}
    _knock(address)
    try:
        ray.init(
            address or "local", runtime_env=_environment(), log_to_driver=False,
            include_dashboard=None if address else False, logging_level=logging.ERROR,
            configure_logging=False, **here,
        )  # fmt: skip
    except (OSError, RuntimeError, ValueError, SystemExit, ray.exceptions.RayError) as error:
        where = f"to the cluster at {address} (RAY_ADDRESS)" if address else "to a local Ray"
        raise EngineError(f"cannot connect {where}: {first_line(error)}") from error


def _knock(address: str) -> None:
    """Ray would wait for minutes. Raises: EngineError if nobody answers at host:port."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        return  # none, "auto", or a ray:// address, which Ray checks by itself
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except OSError as error:
        raise EngineError(
            f"no Ray cluster answers at {address} (RAY_ADDRESS): {error.strerror or error}. Start "
            "one there with `ray start --head`, or unset RAY_ADDRESS to use this machine alone."
        ) from error


def _environment() -> dict[str, object]:
    """Actors run this checkout's code, so it must lie at the same path on every node."""
    source = str(Path(__file__).parents[2])
    path = os.pathsep.join(p for p in (source, os.environ.get("PYTHONPATH", "")) if p)
    names = ("HF_HUB_OFFLINE", "RESTEM_DATA")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {"env_vars": {**kept, "PYTHONPATH": path, "TOKENIZERS_PARALLELISM": "false"}}


def first_line(error: object) -> str:
    text = str(error).strip()
    return (text.splitlines()[0] if text else type(error).__name__).rstrip(".") + "."
