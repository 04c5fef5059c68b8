"""The typed mirror of params.yaml. Every stage reads and checks the whole file before it works.

No defaults here: params.yaml is the one source of values. Each field is documented there, at its
line, with the paper's value; here stand the types and the ranges.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import cast, get_type_hints

from restem.core.errors import ParamsError

MAX_ITERS = 5  # dvc.yaml unrolls the loop this far
INIT_FROM = ("base", "previous")
DEDUPE = ("exact", "none")
SELECT = ("random-cap", "first", "all")


@dataclass
class Method:
    """The switches between ReST^EM and its relatives."""

    init_from: str
    dedupe: str
    select: str


@dataclass
class Data:
    path: str
    seed: int
    few_shot: int
    train_problems: int
    val_problems: int
    test_problems: int
    transfer_problems: int


@dataclass
class Base:
    seed: int
    steps: int
    batch_tokens: int
    lr: float


@dataclass
class Sample:
    top_k: int
    top_p: float
    max_new_tokens: int
    batch_rows: int
    replay: str


@dataclass
class Score:
    timeout_s: float
    max_fault_rate: float


@dataclass
class Train:
    lr: float
    weight_decay: float
    warmup_ratio: float
    max_epochs: int
    min_updates: int
    checks_per_epoch: int
    patience: int
    batch_tokens: int
    max_length: int
    freeze_embeddings: bool


@dataclass
class Human:
    max_epochs: int


@dataclass
class Eval:
    max_new_tokens: int
    train_problems: int
    sampled_problems: int
    samples: int
    temperature: float
    top_p: float
    maj_temperature: float
    maj_top_k: int
    pass_at: list[int]
    bootstrap_draws: int


@dataclass
class Machine:
    """Never a cache key: results do not depend on it."""

    workers: int


@dataclass
class Params:
    iters: int
    samples_per_problem: int
    cap: int
    temperature: float
    seed: int
    task: str
    model: str
    engine: str
    reward: str
    method: Method
    data: Data
    base: Base
    sample: Sample
    score: Score
    train: Train
    human: Human
    eval: Eval
    machine: Machine


# (dotted name, lowest, highest allowed value, advice)
_RANGES: tuple[tuple[str, float, float, str], ...] = (
    ("iters", 0, MAX_ITERS, f"Set it to {MAX_ITERS} or less: dvc.yaml unrolls the loop that far."),
    ("samples_per_problem", 1, 1_000_000, "Set it to 32 for MATH."),
    ("cap", 1, 1_000_000, "Set it to 10, as the paper does."),
    (
        "temperature",
        1e-6,
        100,
        "The paper samples at 0.7; greedy sampling draws one solution N times.",
    ),
    ("seed", 0, 2**31 - 1, ""),
    ("data.seed", 0, 2**31 - 1, ""),
    ("data.few_shot", 0, 64, "The paper uses 4 for MATH."),
    ("data.train_problems", 1, 10**9, ""),
    ("data.val_problems", 1, 10**9, "Stopping and every choice need validation problems."),
    ("data.test_problems", 1, 10**9, ""),
    ("data.transfer_problems", 0, 10**9, ""),
    ("base.seed", 0, 2**31 - 1, ""),
    ("base.steps", 1, 10**9, ""),
    ("base.batch_tokens", 128, 10**9, ""),
    ("base.lr", 1e-12, 1, ""),
    ("sample.top_k", 0, 10**9, "0 means all tokens; the paper uses 40."),
    ("sample.top_p", 1e-6, 1, "1 switches it off."),
    ("sample.max_new_tokens", 1, 10**6, ""),
    ("sample.batch_rows", 1, 10**6, ""),
    ("score.timeout_s", 0.1, 3600, ""),
    ("score.max_fault_rate", 0, 1, ""),
    ("train.lr", 1e-12, 1, ""),
    ("train.weight_decay", 0, 1, ""),
    ("train.warmup_ratio", 0, 1, ""),
    ("train.max_epochs", 1, 10**6, ""),
    ("train.min_updates", 0, 10**9, ""),
    ("train.checks_per_epoch", 1, 10**6, ""),
    ("train.patience", 0, 10**6, ""),
    ("train.batch_tokens", 16, 10**9, ""),
    ("train.max_length", 2, 10**7, ""),
    ("human.max_epochs", 0, 10**6, "0 skips the control."),
    ("eval.max_new_tokens", 1, 10**6, ""),
    ("eval.maj_temperature", 1e-6, 100, ""),
    ("eval.maj_top_k", 0, 10**9, ""),
    ("eval.train_problems", 1, 10**9, ""),
    ("eval.sampled_problems", 0, 10**9, "0 skips pass@k and maj@k."),
    ("eval.samples", 1, 10**6, ""),
    ("eval.temperature", 1e-6, 100, ""),
    ("eval.top_p", 1e-6, 1, ""),
    ("eval.bootstrap_draws", 100, 10**6, ""),
    ("machine.workers", 0, 4096, "0 means one per core."),
)


def load(path: Path = Path("params.yaml")) -> Params:
    """Read, type-check and range-check every parameter.

    Raises: ParamsError with one line: what, which value, where, what to do.
    """
    from omegaconf import OmegaConf
    from yaml import YAMLError

    try:
        values = OmegaConf.load(path)
    except FileNotFoundError as error:
        raise ParamsError(
            f"{path} is missing. Run from the repository root, or `git checkout {path}`."
        ) from error
    except YAMLError as error:
        raise ParamsError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    return check(OmegaConf.to_container(values), str(path))


def check(values: object, where: str) -> Params:
    """Values of params.yaml as Params. Raises: ParamsError naming `where`."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    _check_keys(values, Params, "", where)
    if "${" in str(values):  # DVC hashes the text, so what it stands for could change unnoticed
        raise ParamsError(f"{where}: a value holds ${{...}}; write the value itself.")
    try:
        typed = OmegaConf.merge(
            OmegaConf.structured(Params), OmegaConf.create(cast("dict[str, object]", values))
        )
        params = OmegaConf.to_object(typed)
    except OmegaConfBaseException as error:
        raise ParamsError(_wrong_type(str(error.full_key), values, where)) from error
    assert isinstance(params, Params)
    _check_ranges(params, where)
    return params


def _wrong_type(key: str, values: object, where: str) -> str:
    """What the value of a dotted key must be, and what it is."""
    kind: object = Params
    for part in key.split("[")[0].split("."):
        assert isinstance(kind, type)
        kind = get_type_hints(kind)[part]
        values = cast("dict[str, object]", values)[part]
    words: dict[object, str] = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "text",
    }
    must = words.get(kind, "a list of whole numbers")
    return f"{where}: {key} must be {must}, got {values!r}. Mend the line, then run again."


def _check_keys(values: object, kind: type, prefix: str, where: str) -> None:
    """Unknown keys get a suggestion, missing ones a name."""
    if not isinstance(values, dict):
        raise ParamsError(
            f"{where}: {prefix.rstrip('.') or 'the file'} must be a section of `key: value` lines, "
            f"got {values!r}"
        )
    types = get_type_hints(kind)
    for key in values:
        if key not in types:
            close = difflib.get_close_matches(str(key), types, 1)
            hint = f"Did you mean {prefix}{close[0]}?" if close else f"Known: {', '.join(types)}."
            raise ParamsError(f"{where}: unknown key {prefix}{key}. {hint}")
    for name, inner in types.items():
        if name not in values or values[name] is None:
            raise ParamsError(
                f"{where}: {prefix}{name} is missing. `git show HEAD:{where}` has the default."
            )
        if isinstance(inner, type) and is_dataclass(inner):
            _check_keys(values[name], inner, f"{prefix}{name}.", where)


def _check_ranges(params: Params, where: str) -> None:
    for name, low, high, advice in _RANGES:
        value: object = params
        for part in name.split("."):
            value = getattr(value, part)
        assert isinstance(value, (int, float))
        if not low <= value <= high:  # also refuses nan
            bound = f">= {low:g}" if value < low else f"<= {high:g}"
            raise ParamsError(f"{where}: {name} must be {bound}, got {value}. {advice}".rstrip())
    for name, value, allowed in (
        ("method.init_from", params.method.init_from, INIT_FROM),
        ("method.dedupe", params.method.dedupe, DEDUPE),
        ("method.select", params.method.select, SELECT),
    ):
        if value not in allowed:
            raise ParamsError(
                f"{where}: {name} must be one of {', '.join(allowed)}, got {value!r}."
            )
    if not params.eval.pass_at or any(
        not 1 <= k <= params.eval.samples for k in params.eval.pass_at
    ):
        raise ParamsError(
            f"{where}: eval.pass_at must be numbers between 1 and eval.samples "
            f"({params.eval.samples}), got {params.eval.pass_at}."
        )


def flatten(section: object, prefix: str = "") -> dict[str, object]:
    """Dotted names to values, in the order of the file."""
    flat: dict[str, object] = {}
    for field in fields(section):  # type: ignore[arg-type]  # a dataclass instance
        value = getattr(section, field.name)
        if is_dataclass(value):
            flat.update(flatten(value, f"{prefix}{field.name}."))
        else:
            flat[prefix + field.name] = value
    return flat
