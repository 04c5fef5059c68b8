r"""math: competition problems, 7 subjects, levels 1 to 5.

    source      https://github.com/hendrycks/math, revision
                985bdc1696e88e8643f081a0ff4719da39f2ae2a
    licence     MIT by the authors' repository; the problems are by their contests' owners
    splits      train (7,500), test (5,000); D_val is out of train, or is val
    answer      LaTeX in the last \boxed{} of the solution
    human       the data set's own solutions
    prompt      Minerva's form, "Problem: ... Solution: ...": 4 own examples or those of
                few_shot.jsonl (Minerva's own four are training problems, and leave D)
    paper       arXiv 2103.03874; the prompt: arXiv 2206.14858, appendix D.2

`data.path` is a folder with the original tree, train/SUBJECT/17.json, or with JSON Lines:
train.jsonl (.gz is read, too) with problem, level, type and solution a row, or as in MATH-500
subject for type, answer beside or instead of the solution, and unique_id. train, val and test may
each be the one or the other. An id is made of the place in the original tree where the row has it,
else of the line. How the splits are drawn stands in `tasks/splits.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from restem.core.errors import DataError
from restem.core.params import Data
from restem.core.records import Problem
from restem.tasks import files, shots, splits
from restem.tasks.files import Row

VERSION = "1"
REWARDS = ("math",)
NAME = "math"
STOP = ("\n\nProblem:", "Problem:")
FORM = shots.Form("Problem:\n", "\n\nSolution:\n")
SOURCE = "https://github.com/hendrycks/math, or as a folder tree train/SUBJECT/*.json"

_BOX = re.compile(r"\\(?:boxed|fbox)\s*(\S)")
_TOKEN = re.compile(r"\\.|[{}]", re.DOTALL)
_LEVEL = re.compile(r"(?:Level )?([1-5?])")
_PLACE = re.compile(r"(train|test)/([a-z_&]+)/(\d+)\.json")


def problems(data: Data) -> dict[str, list[Problem]]:
    """train (D), val (D_val) and test.

    Raises: DataError with file and line for missing or malformed files, ParamsError if nothing is
    left for D or `data.few_shot` asks for more examples than there are.
    """
    folder = Path(data.path)
    has_val = (folder / "val").is_dir() or files.find(folder, "val") is not None
    own_val = _read(data, "val") if has_val else None
    return splits.draw(_read(data, "train"), own_val, _read(data, "test"), data)


def held_out(data: Data) -> list[Problem]:
    """The start of test, at most `data.test_problems`. Raises: as above."""
    return _read(data, "test")[: data.test_problems]


def exemplars(data: Data) -> list[str]:
    """Questions of the worked examples in each prompt."""
    return [shot.question for shot in shots.load(data, NAME, FORM)]


def _read(data: Data, name: str) -> list[Problem]:
    worked = shots.load(data, NAME, FORM)
    return [_problem(row, name, worked) for row in _rows(Path(data.path), name)]


def _rows(folder: Path, name: str) -> Iterator[Row]:
    """A tree in the order of subject and number, a JSONL file in its own."""
    tree = folder / name
    if not tree.is_dir():
        yield from files.rows(files.need(folder, name, SOURCE))
        return
    found = sorted(tree.glob("*/*.json"), key=lambda p: (p.parent.name, len(p.stem), p.stem))
    if not found:
        raise DataError(f"{tree} has no SUBJECT/*.json in it. Get it from {SOURCE}.")
    for number, path in enumerate(found):
        place = path.relative_to(folder).as_posix()
        values = files.fields(files.json_file(path), f"{path}:1")
        yield Row(number, f"{path}:1", {"unique_id": place, **values})


def _problem(row: Row, name: str, worked: list[shots.Shot]) -> Problem:
    question, solution = row.text("problem").strip(), row.optional("solution")
    return Problem(
        problem_id=_problem_id(row, name),
        task=NAME,
        split=name,
        subject=row.optional("type", "subject") or "",
        level=_level(row),
        question=question,
        prompt=FORM.prompt(worked, question),
        stop=STOP,
        gold=json.dumps({"answer": _gold(row, solution)}),
        human_solution=solution and solution.strip(),
    )


def _problem_id(row: Row, name: str) -> str:
    """`math-train-algebra-00017` where the place in the tree is known, else `math-train-00016`."""
    place = _PLACE.fullmatch(row.optional("unique_id", "id") or "")
    if place is None:
        return f"{NAME}-{name}-{row.number:05d}"
    return f"{NAME}-{place[1]}-{place[2]}-{int(place[3]):05d}"


def _level(row: Row) -> int:
    """1 to 5; 0 for "Level ?" or none."""
    level = _LEVEL.fullmatch(str(row.values.get("level") or "?").strip())
    if level is None:
        raise DataError(
            f'{row.where}: "level" must be "Level 1" to "Level 5" or "Level ?", '
            f"got {str(row.values['level'])[:40]!r}."
        )
    return int(level[1].replace("?", "0"))


def _gold(row: Row, solution: str | None) -> str:
    """The field `answer` if there is one, else what the solution boxes last."""
    answer = row.optional("answer") or last_boxed(solution or "")
    if not answer:
        raise DataError(
            rf'{row.where}: "solution" must hold its answer in a closed \boxed{{}}, '
            f"got {(solution or '')[-40:]!r}"
        )
    return answer.strip()


def last_boxed(text: str) -> str | None:
    r"""What the last \boxed{}, else the last \fbox{}, holds; None if it is not closed or not there.

    `\boxed 5` holds what follows up to the end of the formula. Escaped braces are no braces.
    Source: hendrycks/math, modeling/math_equivalence.py and dataset/util.py (the last box counts).
    """
    start = text.rfind(r"\boxed") if r"\boxed" in text else text.rfind(r"\fbox")
    box = _BOX.match(text, start) if start >= 0 else None
    if box is None:
        return None
    if box[1] != "{":
        return (box[1] + text[box.end() :]).partition("$")[0].partition("\n")[0].strip()
    depth = 1
    for token in _TOKEN.finditer(text, box.end()):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return text[box.end() : token.start()]
    return None
