"""Programs as text: hostile ones (`attacks/*.txt`) and odd but honest ones (`honest/*.txt`).

They are data for the sandbox and never run in the process that reads them. A file is one class of
programs. Each begins with a line

    === id | what must not happen (or what is odd) | key=value key=value

and holds all lines up to the next. Keys of a hostile program:

    task   a name in tasks.py: the program is a solution and must not be judged correct;
           without it, the program runs alone and must not print BREACH, nor any secret
    stdin  what it reads, with \\n as in Python
    cpu    CPU seconds it may take (default 1)
    ends   how it may end, where that matters: cpu, wall, output, signal, exit (with an error), ok
    then   id of the program that runs next in the same box and must print "clean"
    outcome  verdicts allowed for a solution, where that matters
    weak   a tier that is known not to keep the program from printing BREACH, only from doing harm
    before, probe   the program that ran before; a program that only runs before or after others
Keys of an honest program: task, and outcome where it is not "correct"; files=1 if it needs a
folder to write in.

In a text, \\x{NN} stands for that byte (a NUL, a carriage return, a byte order mark).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
_BYTES = re.compile(r"\\x\{([0-9a-f]+)\}")


@dataclass(frozen=True)
class Entry:
    """One program with what it claims."""

    program_id: str
    group: str
    """Class of the attack: the name of its file; or `honest`."""
    claim: str
    source: str
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def task(self) -> str:
        """Name of the problem it answers; empty if it runs alone."""
        return self.keys.get("task", "")

    @property
    def cpu_s(self) -> float:
        return float(self.keys.get("cpu", 1))

    @property
    def stdin(self) -> bytes:
        return self.keys.get("stdin", "").encode().decode("unicode_escape").encode()

    @property
    def ends(self) -> frozenset[str]:
        """Allowed endings; empty if any will do."""
        return frozenset(filter(None, self.keys.get("ends", "").split(",")))

    @property
    def outcomes(self) -> frozenset[str]:
        """Allowed outcomes of the verdict; empty if any but a reward or a fault will do."""
        return frozenset(filter(None, self.keys.get("outcome", "").split(",")))


def read(file: Path) -> list[Entry]:
    """The programs of one file. Raises ValueError for a heading that is not three fields."""
    found: list[Entry] = []
    group = "honest" if file.parent.name == "honest" else file.stem
    text = _BYTES.sub(lambda match: chr(int(match.group(1), 16)), file.read_text("utf-8"))
    for block in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        heading, _, source = block.partition("\n")
        program_id, claim, keys = (part.strip() for part in heading.split("|"))
        pairs = dict(pair.split("=", 1) for pair in keys.split())
        found.append(Entry(program_id, group, claim, source, pairs))
    return found


def load(folder: str) -> list[Entry]:
    """Every program of `attacks` or `honest`. Raises ValueError if two have the same id."""
    found = [entry for file in sorted((HERE / folder).glob("*.txt")) for entry in read(file)]
    names = [entry.program_id for entry in found]
    if len(names) != len(set(names)):
        raise ValueError(f"{folder}: an id occurs twice among {sorted(names)}")
    return found
