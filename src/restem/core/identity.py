"""Which code a stage runs, and a digest of it: results are cached by this.

A stage runs its module, what that imports (also inside functions), what is imported or started by
a name that stands in the source, the plug-ins that params.yaml names, and files that are read with
importlib.resources. Sources are parsed, never imported.

A digest leaves out comments, docstrings, blank lines and formatting. It is a walk of the syntax
tree written down by ourselves, since `ast.dump` differs between Python 3.11 and 3.13.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from restem.core.errors import DataError
from restem.core.judging import AUTO, AUTO_REWARDS
from restem.core.params import Params, flatten
from restem.core.plugins import CLUSTER, KINDS

PACKAGE = "restem"
SOURCE = Path(__file__).resolve().parents[2]
"""The folder `src`."""

PARAMS = ("task", "reward", "engine", "sample.ray_engine", "train.check_engine",
          "sample.stop_after_correct", "data.path")  # fmt: skip
"""What decides, besides the sources, which code runs; the stage `code` depends on these values."""

OUTSIDE = {
    "__init__.py",  # the version
    "core/cluster.py",  # who works: results come back by item, and are put in order by who asked
    "core/connection.py",  # to a Ray cluster
    "core/disk.py",  # how a full disk is told
    "core/errors.py",  # types of errors
    "core/faults.py",  # stops a stage, or does not
    "core/identity.py",  # names code, makes no result
    "core/layout.py",  # paths, which are those of dvc.yaml
    "core/orphans.py",  # when processes end
    "core/params.py",  # types of values; the values are params of the stages
    "core/plugins.py",  # look-up by name; the names are params, too
    "core/progress.py",  # bars
    "core/ranges.py",  # which values are refused
    "core/scratch.py",  # where unfinished work lies; its bytes pass unchanged
    "stages/live.py",  # looks on while a stage trains
}
"""Files that shape no result. What only they import does not either."""

Values = Mapping[str, object]
"""params.yaml, flat: `sample.top_k`."""
Lines = dict[str, str]
"""File, relative to the repository, to its digest; sorted."""


@dataclass(frozen=True)
class Load:
    """A plug-in that a file loads."""

    kind: str
    name: ast.expr
    """What stands for its name."""
    around: tuple[str, ...] = ()
    """Modules beside it that may stand between."""


@dataclass(frozen=True)
class Source:
    """A parsed file."""

    digest: str
    has_code: bool
    imports: frozenset[str]
    """Dotted names, of modules or of what is in them."""
    loads: tuple[Load, ...]
    reads: tuple[tuple[ast.expr, ast.expr], ...]
    """Files beside the sources: their package, and their path in it."""
    constants: Mapping[str, object]
    """Texts, and tuples of texts, that the module gives a name."""


class Code:
    """The sources in a folder; each is parsed once."""

    def __init__(self, src: Path = SOURCE) -> None:
        self._src, self._parsed = src, dict[Path, Source]()

    def of_stage(self, stage: str, values: Values) -> Lines:
        """What `restem STAGE` runs. Raises: DataError for a file that is no Python."""
        # The verifier takes part in sampling only where it decides how much is drawn.
        unused = stage == "sample" and not values["sample.stop_after_correct"]
        return self.of_module(f"{PACKAGE}.stages.{stage}", values, {"reward"} if unused else set())

    def of_module(self, module: str, values: Values, unused: Iterable[str] = ()) -> Lines:
        """What importing and running a module runs, except plug-ins of a kind that is unused."""
        files = self._closure(module, _Plugged(self, values), set(unused))
        lines = {file.relative_to(self._src.parent).as_posix(): self._digest(file)
                 for file in files if self._counts(file)}  # fmt: skip
        return dict(sorted(lines.items()))

    def _closure(self, module: str, plugged: _Plugged, unused: set[str]) -> set[Path]:
        seen: set[Path] = set()
        todo = self.files(module)
        while todo:
            file = todo.pop()
            seen.add(file)
            if file.suffix != ".py" or self._name(file) in OUTSIDE:
                continue
            source = self.parse(file)
            names = set(source.imports)
            for load in source.loads:
                if load.kind not in unused:
                    found = plugged.names(load.kind, load.name, source.constants)
                    names |= {f"{KINDS[load.kind][0]}.{name}" for name in (*found, *load.around)}
            found_files = {path for name in names for path in self.files(name)}
            todo |= (found_files | set(self._read(source))) - seen
        return seen

    def _counts(self, file: Path) -> bool:
        if self._name(file) in OUTSIDE:
            return False
        return file.name != "__init__.py" or self.parse(file).has_code

    def _name(self, file: Path) -> str:
        return file.relative_to(self._src / PACKAGE).as_posix()

    def _digest(self, file: Path) -> str:
        return self.parse(file).digest if file.suffix == ".py" else file_digest(file)

    def parse(self, file: Path) -> Source:
        if file not in self._parsed:
            self._parsed[file] = parse(file, self._src)
        return self._parsed[file]

    def files(self, name: str) -> set[Path]:
        """A module's file and those of the packages around it; none for a name of no module."""
        base = self._src.joinpath(*name.split("."))
        found = {path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()}
        above = base.parents[: len(base.relative_to(self._src).parts) - 1] if found else ()
        return found | {path for p in above if (path := p / "__init__.py").is_file()}

    def _read(self, source: Source) -> Iterator[Path]:
        """Files that are read with importlib.resources; what is unknown of a path is any text."""
        for package, path in source.reads:
            folder = _text(package, source.constants)
            if folder is not None:
                pattern = "".join(_pattern(path, source.constants))
                files = self._src.joinpath(*folder.split(".")).glob(pattern)
                yield from (file for file in files if file.is_file())


class _Plugged:
    """Which plug-ins `plugins.load(kind, name)` loads."""

    def __init__(self, code: Code, values: Values) -> None:
        self._code, self._values = code, {name: values[name] for name in PARAMS}

    def names(self, kind: str, node: ast.expr, constants: Mapping[str, object]) -> list[str]:
        """By a text, a constant or a value of params.yaml; a name that is known only when the
        stage runs stands for all that params.yaml means by this kind."""
        found = _text(node, constants, self._values)
        if found is not None and found != AUTO:
            return [found]
        if kind == "task":
            return self._tasks()
        return self._rewards() if kind == "reward" else [str(self._values[kind])]

    def _tasks(self) -> list[str]:
        """The task, and those that folders in `data.path` are named after."""
        folders = (Path(str(self._values["data.path"])) / "transfer").glob("*/")
        return [str(self._values["task"]), *sorted(folder.name for folder in folders)]

    def _rewards(self) -> list[str]:
        """`auto` depends on the problems, hence is either of two that the task can be judged by."""
        if self._values["reward"] != AUTO:
            return [str(self._values["reward"])]
        task = self._code.files(f"{KINDS['task'][0]}.{self._values['task']}")
        files = [file for file in task if file.stem == self._values["task"]]
        takes = self._code.parse(files[0]).constants.get("REWARDS") if files else None
        fitting = [name for name in AUTO_REWARDS if isinstance(takes, tuple) and name in takes]
        return fitting or list(AUTO_REWARDS)


def stage_code(stage: str, params: Params) -> Lines:
    """What a stage runs with these values. Raises: DataError for a file that is no Python."""
    return Code().of_stage(stage, flatten(params))


def check_recorded(recorded: Path, stage: str, params: Params) -> None:
    """Refuse to file a result under other code than what makes it.

    recorded: data/code/STAGE.txt. Raises: DataError if a source was changed since it was written.
    """
    lines = (line.rpartition(" ") for line in recorded.read_text("utf-8").splitlines())
    known = {file: digest for file, _, digest in lines}
    if files := changed(known, stage_code(stage, params)):
        more = f" and {len(files) - 1} more" if files[1:] else ""
        raise DataError(
            f"{files[0]}{more} changed since {recorded} was written, perhaps while `dvc repro` was "
            "running. Run it again; what is finished is kept."
        )


def parse(file: Path, src: Path = SOURCE) -> Source:
    """Raises: DataError for a file that cannot be read as Python."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError) as error:
        where = f"{file}:{error.lineno}" if isinstance(error, SyntaxError) else str(file)
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise DataError(f"{where}: {reason}. A stage runs this file; mend it.") from error
    imports: set[str] = set()
    loads: list[Load] = []
    reads: list[tuple[ast.expr, ast.expr]] = []
    package = file.relative_to(src).parent.parts
    for node in _running(tree):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            home = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*home, *([node.module] if node.module else [])])
            imports |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and _is_module(node.value):
            imports.add(str(node.value))  # for importlib, `python -m`, actors
        elif isinstance(node, ast.Call):
            loads += _loads(node)
            reads += _reads(node)
    return Source(
        digest=_short(_written(tree).encode()),
        has_code=any(not _is_remark(statement) for statement in tree.body),
        imports=frozenset(name for name in imports if name.partition(".")[0] == PACKAGE),
        loads=tuple(loads),
        reads=tuple(reads),
        constants=dict(_constants(tree)),
    )


def file_digest(file: Path) -> str:
    """Of what a file says: of code without comments and docstrings, of others the bytes.

    Python that cannot be parsed is taken as bytes.
    """
    if file.suffix == ".py":
        with suppress(SyntaxError, ValueError):
            return _short(_written(ast.parse(file.read_bytes())).encode())
    return bytes_digest(file)


def bytes_digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Files that differ, are new or are gone; sorted."""
    return sorted(file for file in old.keys() | new.keys() if old.get(file) != new.get(file))


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but docstrings and those that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if _is_remark(node):
            continue
        if isinstance(node, ast.If) and _dotted(node.test).endswith("TYPE_CHECKING"):
            for statement in node.orelse:
                yield statement
                yield from _running(statement)
        else:
            yield node
            yield from _running(node)


def _is_module(value: object) -> bool:
    """Whether a text may name a module; whether there is one is seen later. A package alone is a
    folder to look into, not code to run."""
    return isinstance(value, str) and value.startswith(f"{PACKAGE}.") and value.count(".") > 1


def _loads(call: ast.Call) -> Iterator[Load]:
    """`plugins.load("engine", name)`, or `plugins.open_reward(name, ...)`, here or on a cluster."""
    words = _dotted(call.func).split(".")
    if words == ["plugins", "load"] and isinstance(call.args[0], ast.Constant):
        yield Load(str(call.args[0].value), call.args[1])
    elif words == ["plugins", "open_reward"]:
        yield Load("reward", call.args[0], (CLUSTER,))


def _reads(call: ast.Call) -> Iterator[tuple[ast.expr, ast.expr]]:
    """`files("package").joinpath("name")` of importlib.resources."""
    func = call.func
    if isinstance(func, ast.Attribute) and func.attr == "joinpath" and call.args:
        inner = func.value
        if isinstance(inner, ast.Call) and _dotted(inner.func).split(".")[-1] == "files":
            yield inner.args[0], call.args[0]


def _constants(tree: ast.Module) -> Iterator[tuple[str, object]]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            value = statement.value
            if isinstance(value, ast.Constant):
                yield statement.targets[0].id, value.value
            elif isinstance(value, ast.Tuple) and all(
                isinstance(item, ast.Constant) for item in value.elts
            ):
                items = (item.value for item in value.elts if isinstance(item, ast.Constant))
                yield statement.targets[0].id, tuple(items)


def _text(
    node: ast.expr, constants: Mapping[str, object], values: Values | None = None
) -> str | None:
    """What an expression is when it can be told from the source and params.yaml: a text, a
    constant, `params.engine`, or one of the two sides of `a if b == c else d`."""
    found: object = None
    if isinstance(node, ast.Constant):
        found = node.value
    elif isinstance(node, ast.Name):
        found = constants.get(node.id)
    elif isinstance(node, ast.Attribute):
        name, known = _dotted(node), values or {}
        found = known.get(name, known.get(name.partition(".")[2]))
    elif isinstance(node, ast.IfExp) and isinstance(node.test, ast.Compare):
        test = node.test
        left = _text(test.left, constants, values)
        right = _text(test.comparators[0], constants, values)
        if left is not None and right is not None and isinstance(test.ops[0], ast.Eq):
            return _text(node.body if left == right else node.orelse, constants, values)
    return found if isinstance(found, str) else None


def _pattern(node: ast.expr, constants: Mapping[str, object]) -> Iterator[str]:
    """A path as a glob."""
    for part in node.values if isinstance(node, ast.JoinedStr) else [node]:
        yield _text(part, constants) or "*"


def _dotted(node: ast.expr) -> str:
    """`a.b.c`; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


_SKIPPED = {"ctx", "kind", "type_comment", "type_ignores"}


def _written(tree: ast.Module) -> str:
    """A syntax tree as words: kinds of nodes, names of fields, values. What is empty is left out,
    as Python versions differ in which empty fields a node has."""
    words: list[str] = []
    _write(tree, words)
    return "\n".join(words)


def _write(node: object, words: list[str]) -> None:
    if isinstance(node, ast.AST):
        words.append(type(node).__name__)
        for field in node._fields:
            value = getattr(node, field, None)
            if value is not None and value != [] and field not in _SKIPPED:
                words.append(f".{field}")
                _write(value, words)
        words.append(")")
    elif isinstance(node, list):
        for item in node:
            if not _is_remark(item):
                _write(item, words)
        words.append("]")
    else:
        words.append(ascii(node))  # repr depends on the version of Unicode


def _is_remark(node: object) -> bool:
    """A text that stands for itself: a docstring, or one below a field or constant."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
