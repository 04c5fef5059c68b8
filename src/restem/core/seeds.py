"""Hashes of values and files, and seeds: randomness is a function of what it is for, never of batch
order, shard count or host."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def stable_hash(*parts: object) -> str:
    """64 hex digits over JSON-able parts; equal parts give equal digits on every machine."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def seed_for(*parts: object) -> int:
    """A seed in [0, 2**63) for the thing named by `parts`, e.g. `seed_for(seed, "sample", 2)`."""
    return int(stable_hash(*parts)[:16], 16) >> 1


def digest(*paths: Path) -> str:
    """One SHA-256 over the names and bytes of files and folders (64 hex digits)."""
    total = hashlib.sha256()
    for root in paths:
        for file in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if file.is_file():
                name = file.relative_to(root).as_posix() if root.is_dir() else file.name
                with file.open("rb") as stream:
                    total.update(
                        f"{name}:{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode()
                    )
    return total.hexdigest()
