"""`restem grade` on a file of the working directory."""

from __future__ import annotations

import argparse
from pathlib import Path

from restem.commands import grade
from restem.core.errors import DataError


def told(content: bytes | str, out: str = "out.jsonl") -> list[str]:
    """The lines that the command shows for a file with this content, its complaint the last."""
    Path("in.jsonl").write_bytes(content if isinstance(content, bytes) else content.encode())
    lines = []
    try:
        for line in grade.run(asked(Path("in.jsonl"), out)):
            lines.append(line)  # noqa: PERF402  # those before it raises
    except DataError as error:
        if "could not be judged" not in str(error):
            raise
        lines.append(str(error))
    return lines


def asked(file: Path | None, out: str | None, **others: object) -> argparse.Namespace:
    return argparse.Namespace(
        **{"file": file, "out": out, "serve": False, "port": None, "host": None, **others}
    )


def boxed(answer: str, gold: object, key: object = "a") -> dict[str, object]:
    return {"id": key, "text": f"so \\boxed{{{answer}}}", "gold": gold}
