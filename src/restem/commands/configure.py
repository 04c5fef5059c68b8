"""Set params.yaml from a preset and single values; its comments stay.

examples
  python -m restem configure                          the presets there are
  python -m restem configure preset=smoke             a whole setting
  python -m restem configure preset=rft iters=2       a preset, then a value
  python -m restem configure 'eval.pass_at=[1,8]'     a list
  python -m restem configure --dry-run cap=4          what would change

Presets are laid over params.yaml in the order given (`preset=rft preset=smoke`), then the values.
The words are Hydra overrides; `dvc exp run -S` takes the same ones.
"""

from __future__ import annotations

import argparse
import difflib
import io
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from restem.core.errors import ParamsError
from restem.core.params import check, flatten, missing, no_checkout
from restem.core.scratch import write_atomically

PARAMS = Path("params.yaml")
PRESETS = Path("presets")

Tree = dict[str, object]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="preset=NAME | key=value")
    parser.add_argument("--dry-run", action="store_true", help="show the changes, write nothing")


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Lines to show. Raises: ParamsError, and then params.yaml is as it was."""
    if not arguments.words:
        yield from _list_presets()
        return
    values = _read_values()
    before = _flat(values)
    after = flatten(check(_compose(values, _overrides(arguments.words, before)), str(PARAMS)))
    changes = {key: value for key, value in after.items() if before.get(key) != value}
    for key, value in changes.items():
        yield f"{key}: {before.get(key)} -> {value}"
    if not changes:
        yield f"{PARAMS} has these values already"
    elif arguments.dry_run:
        yield f"{PARAMS} was not changed (--dry-run)"
    else:
        write_atomically(PARAMS, _rewritten(changes))
        yield f"{PARAMS} changed. `dvc repro` runs it; `python -m restem doctor` says the cost."


def preset_names() -> list[str]:
    """Raises: ParamsError outside the repository root."""
    names = sorted(path.stem for path in PRESETS.glob("*.yaml"))
    if not names:
        raise ParamsError(f"there is no {PRESETS}/*.yaml: {no_checkout()}")
    return names


def _list_presets() -> Iterator[str]:
    """Each preset with the first line of its comment."""
    for name in preset_names():
        first = (PRESETS / f"{name}.yaml").read_text("utf-8").partition("\n")[0]
        yield f"preset={name:<14} {first.lstrip('# ')}"


def _overrides(words: Sequence[str], known: Tree) -> list[str]:
    """The words in Hydra's grammar. Raises: ParamsError for a name that does not exist."""
    presets, values = [], []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ParamsError(f"{word!r} is no key=value. Example: `configure preset=smoke cap=4`.")
        if key == "preset":
            names = preset_names()
            _check_name("preset", value, names, f"There is {', '.join(names)}.")
            presets.append(value)
        else:
            _check_name("key", key.lstrip("+"), list(known), "params.yaml has all there are.")
            values.append(word)
    return [f"presets@_global_=[{','.join(presets)}]", *values]


def _check_name(kind: str, name: str, known: Sequence[str], otherwise: str) -> None:
    if name not in known:
        begun = [one for one in known if name and one.startswith(name)]
        close = begun or difflib.get_close_matches(name, known, 1)
        hint = f"Did you mean {close[0]}?" if close else otherwise
        raise ParamsError(f"unknown {kind} {name!r}. {hint}")


def _read_values() -> Tree:
    """params.yaml as it is, unchecked. Raises: ParamsError if it is missing or no mapping."""
    from omegaconf import OmegaConf
    from yaml import YAMLError

    try:
        values = OmegaConf.to_container(OmegaConf.load(PARAMS))
    except FileNotFoundError as error:
        raise ParamsError(missing(PARAMS)) from error
    except YAMLError as error:
        raise ParamsError(f"{PARAMS} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ParamsError(f"{PARAMS} must hold `key: value` lines. `git checkout {PARAMS}`.")
    return {str(key): value for key, value in values.items()}


def _compose(values: Tree, overrides: Sequence[str]) -> object:
    """Hydra's composition of values, the preset among the overrides, and the other overrides."""
    from hydra import compose, initialize_config_dir
    from hydra.core.config_store import ConfigStore
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    store = ConfigStore.instance()
    store.store("_values_of_params", values)
    store.store(
        "_configure", {"defaults": ["_values_of_params", {"presets@_global_": []}, "_self_"]}
    )
    try:
        with initialize_config_dir(str(PRESETS.parent.resolve()), version_base=None):
            return OmegaConf.to_container(compose("_configure", list(overrides)), resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        reason = " ".join(str(error).split())
        if "--multirun" in reason:
            reason = "several values are a grid: `dvc exp run --queue -S KEY=1,2`; a list is [1,2]"
        raise ParamsError(reason) from error


def _flat(tree: Tree, prefix: str = "") -> Tree:
    """Dotted names to values."""
    flat: Tree = {}
    for key, value in tree.items():
        flat.update(
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return flat


def _rewritten(changes: Tree) -> bytes:
    """The text of params.yaml with some values replaced, every comment where it was."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 4096  # a comment stays on the line of its value
    yaml.preserve_quotes = True
    yaml.representer.add_representer(float, _represent_float)
    document = yaml.load(PARAMS)
    for key, value in changes.items():
        _set(document, key.split("."), value)
    text = io.BytesIO()
    yaml.dump(document, text)
    return text.getvalue()


def _set(document: object, path: Sequence[str], value: object) -> None:
    """Put a value into a ruamel document; lists keep their style."""
    assert isinstance(document, dict)
    if len(path) > 1:
        _set(document[path[0]], path[1:], value)
    elif isinstance(value, list) and isinstance(document.get(path[0]), list):
        document[path[0]][:] = value
    else:
        document[path[0]] = value


def _represent_float(representer: object, value: float) -> object:
    """0.00001 rather than 1e-05, which YAML 1.1 readers take for a text."""
    text = repr(value)
    if "e" in text:
        text = f"{Decimal(text):f}"
    return representer.represent_scalar("tag:yaml.org,2002:float", text)  # type: ignore[attr-defined]  # a ruamel representer
