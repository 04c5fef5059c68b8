"""What code each stage runs: a line per source file and its digest, one small file per stage.

Stages depend on these files instead of the sources, so that a change re-runs what it changes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from restem.core import layout
from restem.core.identity import SOURCE, Code, bytes_digest, file_digest
from restem.core.params import Params, flatten
from restem.core.scratch import write_atomically
from restem.core.seeds import stable_hash

log = logging.getLogger(__name__)
OWN_DATA = "data"
"""data/code/data.txt: the files in `data.path`."""


def run(params: Params, iteration: str | None) -> None:
    """Write data/code/STAGE.txt for every stage, and data.txt. Raises: DataError, ResumeError."""
    code, values, seen = Code(), flatten(params), set[str]()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        if file != Path(__file__) and "\ndef run(" in file.read_text("utf-8"):
            lines = code.of_stage(file.stem, values)
            seen |= lines.keys()
            _write(file.stem, lines)
    _write(OWN_DATA, folder_lines(Path(params.data.path)))
    log.info("code: the stages run %d files -> %s", len(seen), layout.code(OWN_DATA).parent)


def folder_lines(folder: Path) -> dict[str, str]:
    """Entries of a folder and their digests, a folder in it being one. What DVC ignores is left
    out (.dvcignore), and so are comments in code: the embedded world has its data there."""
    if folder.is_file():
        return {folder.name: bytes_digest(folder)}
    own = folder.resolve().is_relative_to(SOURCE)
    digest = file_digest if own else bytes_digest
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not _ignored(file))
    entries: dict[str, list[tuple[str, str]]] = {}
    for file in files:
        name = file.relative_to(folder).as_posix()
        entries.setdefault(name.partition("/")[0], []).append((name, digest(file)))
    return {entry: found[0][1] if found[0][0] == entry else stable_hash(found)[:16]
            for entry, found in sorted(entries.items())}  # fmt: skip


def _ignored(file: Path) -> bool:
    return "__pycache__" in file.parts or file.suffix in (".pyc", ".partial")


def _write(name: str, lines: Mapping[str, str]) -> None:
    text = "".join(f"{file} {digest}\n" for file, digest in lines.items())
    write_atomically(layout.code(name), text.encode())
