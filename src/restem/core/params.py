"""The typed mirror of params.yaml. Every stage reads and checks the whole file before it works.

No defaults here: params.yaml is the one source of values. Each field is documented there, at its
line, with the paper's value; here stand the types, in `ranges` what is possible.
"""

from __future__ import annotations

import copy
import difflib
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import cast, get_type_hints

from restem.core.errors import ParamsError
from restem.core.ranges import CHOICES, CONFLICTS, RANGES


@dataclass
class Method:
    """The switches between ReST^EM and its relatives."""

    init_from: str
    dedupe: str
    weight: str
    beta: float
    select: str


@dataclass
class Overlap:
    """Shares in [0, 1] of the problems of an evaluation set."""

    exact: float
    digits: float
    ngram: float


@dataclass
class Data:
    path: str
    seed: int
    few_shot: int
    train_problems: int
    val_problems: int
    test_problems: int
    transfer_problems: int
    max_quarantined: float
    max_overlap: Overlap


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
    stop_after_correct: int
    ray_engine: str
    replay: str


@dataclass
class Score:
    timeout_s: float
    cpu_s: float
    memory_mb: int
    sandbox: str
    unsafe_no_sandbox: bool
    cluster: str
    max_fault_rate: float


@dataclass
class Train:
    lr: float
    weight_decay: float
    warmup_ratio: float
    schedule: str
    max_epochs: int
    min_updates: int
    checks_per_epoch: int
    patience: int
    check_engine: str
    batch_tokens: int
    normalize: str
    share_prompts: bool
    max_length: int
    max_overlong: float
    freeze_embeddings: bool
    lora: int
    precision: str
    attention: str
    accumulate: int
    gradient_checkpointing: bool
    compile: bool
    processes: int
    cluster: str
    deepspeed: str
    offload: bool


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
    tensor_parallel: int
    gpu_memory: float
    kv_cache_gb: float


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


def load(path: Path = Path("params.yaml")) -> Params:
    """Read, type-check and range-check every parameter.

    Raises: ParamsError with one line: what, which value, where, what to do.
    """
    from omegaconf import OmegaConf
    from yaml import YAMLError

    try:
        values = OmegaConf.load(path)
    except FileNotFoundError as error:
        raise ParamsError(missing(path)) from error
    except YAMLError as error:
        raise ParamsError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    return check(OmegaConf.to_container(values), str(path))


def missing(path: Path) -> str:
    """What to do where params.yaml is not there."""
    if path.with_name("dvc.yaml").is_file():
        return f"{path} is missing. `git checkout {path}` brings it back."
    return f"{path} is missing: {no_checkout()}"


def no_checkout() -> str:
    """What to do in a folder that is no checkout."""
    return (
        f"{Path.cwd()} is no checkout of restem. Run from the repository root, the folder that "
        "`git clone` makes."
    )


def check(values: object, where: str) -> Params:
    """Values of params.yaml as Params. Raises: ParamsError naming `where`."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    _check_keys(values, Params, "", where)
    values = _with_off(values)
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
    _check_switches(flatten(params), values, where)
    _check_ranges(params, where)
    return params


def _with_off(values: object) -> object:
    """The values; a bare `off` is false to YAML 1.1, which OmegaConf and Hydra read."""
    tree = copy.deepcopy(cast("dict[str, dict[str, object]]", values))
    if tree["train"]["deepspeed"] is False:
        tree["train"]["deepspeed"] = "off"
    return tree


def _check_switches(flat: dict[str, object], values: object, where: str) -> None:
    """A switch is `true` or `false`; OmegaConf also takes "yes" and "on" for true."""
    for key in (key for key, value in flat.items() if isinstance(value, bool)):
        written = values
        for part in key.split("."):
            written = cast("dict[str, object]", written)[part]
        if not isinstance(written, bool):
            raise ParamsError(_wrong_type(key, values, where))


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
    flat = flatten(params)
    for name, low, high, advice in RANGES:
        value = flat[name]
        assert isinstance(value, (int, float))
        if not low <= value <= high:  # also refuses nan
            bound = f">= {low:g}" if value < low else f"<= {high:g}"
            raise ParamsError(f"{where}: {name} must be {bound}, got {value}. {advice}".rstrip())
    for name, allowed in CHOICES.items():
        if flat[name] not in allowed:
            raise ParamsError(
                f"{where}: {name} must be one of {', '.join(allowed)}, got {flat[name]!r}."
            )
    for values, advice in CONFLICTS:
        if all(flat[name] == value for name, value in values.items()):
            both = " and ".join(f"{name}: {value}" for name, value in values.items())
            raise ParamsError(f"{where}: {both} do not go together. {advice}")
    if not params.eval.pass_at or any(
        not 1 <= k <= params.eval.samples for k in params.eval.pass_at
    ):
        raise ParamsError(
            f"{where}: eval.pass_at must be numbers between 1 and eval.samples "
            f"({params.eval.samples}), got {params.eval.pass_at}."
        )
    if (stop := params.sample.stop_after_correct) and params.engine == "replay":
        raise ParamsError(
            f"{where}: sample.stop_after_correct needs an engine that draws, not replay, got "
            f"{stop}. Set it to 0: recorded completions cost nothing."
        )
    if stop and params.method.weight == "exp":
        raise ParamsError(
            f"{where}: sample.stop_after_correct must be 0 with method.weight exp, got {stop}: how "
            "many wrong solutions a problem has would depend on when it was solved."
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
