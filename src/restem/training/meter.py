"""What a training cost: seconds by what they went to, tokens, memory. Never part of a result."""

from __future__ import annotations

import re
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

# Dense bfloat16 FLOP/s of one GPU, from the makers' data sheets.
PEAK_FLOPS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12}


@dataclass(slots=True)
class Meter:
    """Counts as it goes; several can be added."""

    seconds: dict[str, float] = field(default_factory=dict)
    """Of wall time: load, update, save, check, export."""
    tokens: int = 0
    """Computed in updates, over all processes: prompts once a row, no padding."""
    own_tokens: int = 0
    """Those of this process, and with padding."""
    own_padded: int = 0
    flops: float = 0.0
    """Of forward and backward, by the usual count: 6 x parameters x tokens, where all train."""
    peak_flops: float = 0.0
    """What the GPU could do in a second, 0 where that is not known."""
    peak_mb: float = 0.0
    """Largest memory of one process; on a GPU, of the GPU."""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Seconds of the block, less those of phases inside it."""
        started, inside = time.monotonic(), sum(self.seconds.values())
        try:
            yield
        finally:
            within = sum(self.seconds.values()) - inside
            self._add(name, time.monotonic() - started - within)

    def _add(self, phase: str, seconds: float) -> None:
        self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds

    def look_at_memory(self) -> None:
        import torch

        if torch.cuda.is_available():
            self.peak_mb = max(self.peak_mb, torch.cuda.max_memory_allocated() / 2**20)
            self.peak_flops = peak_flops(torch.cuda.get_device_name())
        else:
            usage = resource.getrusage(resource.RUSAGE_SELF)
            self.peak_mb = max(self.peak_mb, usage.ru_maxrss / 2**10)

    def plain(self) -> dict[str, object]:
        """As JSON; `add` reads it again."""
        return {
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "tokens": self.tokens,
            "own_tokens": self.own_tokens,
            "own_padded": self.own_padded,
            "flops": self.flops,
            "peak_flops": self.peak_flops,
            "peak_mb": round(self.peak_mb, 1),
        }

    def add(self, other: Mapping[str, object]) -> None:
        """Count what another process has counted."""
        seconds = other["seconds"]
        assert isinstance(seconds, dict)
        for name, value in seconds.items():
            self._add(name, value)
        for name in ("tokens", "own_tokens", "own_padded", "flops"):
            setattr(self, name, getattr(self, name) + other[name])
        for name in ("peak_flops", "peak_mb"):
            setattr(self, name, max(getattr(self, name), other[name]))

    def rates(self, processes: int) -> dict[str, float]:
        """Tokens per second of updates, without and with padding; MFU where the GPU is known."""
        seconds = self.seconds.get("update")
        if not seconds or not self.own_tokens:
            return {}
        rate = self.tokens / seconds
        rates = {
            "tokens_per_s": round(rate, 1),
            "padded_tokens_per_s": round(rate * self.own_padded / self.own_tokens, 1),
        }
        if self.peak_flops:
            rates["mfu"] = round(self.flops / seconds / (self.peak_flops * processes), 4)
        return rates


def peak_flops(name: str) -> float:
    """Of a GPU by its name; 0 for one that is not known, or is a slower variant."""
    words = set(re.split(r"[ -]", name))
    if words & {"PCIe", "PCIE", "NVL"}:
        return 0.0
    return next((flops for word, flops in PEAK_FLOPS.items() if word in words), 0.0)
