"""Randomness is a function of what it is for, never of batch order, shard count or host."""

from __future__ import annotations

import hashlib
import json


def stable_hash(*parts: object) -> str:
    """64 hex digits over JSON-able parts; equal parts give equal digits on every machine."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def seed_for(*parts: object) -> int:
    """A seed in [0, 2**63) for the thing named by `parts`, e.g. `seed_for(seed, "sample", 2)`."""
    return int(stable_hash(*parts)[:16], 16) >> 1
