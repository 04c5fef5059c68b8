"""Tables of programs for tests: text files in which a line `=== a | b` begins each program."""

from pathlib import Path


def sections(path: Path) -> dict[str, tuple[list[str], str]]:
    """Head of each section to its fields and its text; what stands before the first is a remark."""
    found = {}
    for part in ("\n" + path.read_text(encoding="utf-8")).split("\n=== ")[1:]:
        head, _, text = part.partition("\n")
        found[head] = ([field.strip() for field in head.split(" | ")], text)
    return found
