"""Find what params.yaml names: the data, the recorded samples, the model folder.

`dvc exp run --temp` and queued experiments run in a copy of the repository that holds what git
tracks, and git tracks none of these. Link them into the copy from the checkout that DVC_ROOT names.
DVC runs this stage in every copy, before all that reads them, since its output, a mark, is neither
in git nor in DVC's cache.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from restem.core import layout
from restem.core.errors import DataError
from restem.core.params import Params
from restem.core.scratch import write_atomically

log = logging.getLogger(__name__)


def run(params: Params, iteration: str | None) -> None:
    """Write data/inputs. Raises: DataError for data or samples that are missing, or a path
    that leads out of a copy."""
    here = Path.cwd()
    checkout = Path(os.environ.get("DVC_ROOT", here)).resolve()
    for name, value in named(params).items():
        path = Path(value)
        if checkout != here and not path.is_absolute():
            num_links = link(name, checkout, path)
            log.info("inputs: %s: %s links %s of %s", name, path, num_links, checkout)
        if name != "model" and not path.exists():
            raise DataError(
                f"{name}: {path} is missing (params.yaml). Put the files there, or name the folder "
                "that holds them."
            )
    write_atomically(layout.INPUTS, b"What params.yaml names is here.\n")


def named(params: Params) -> dict[str, str]:
    """The paths in params.yaml that lead to files of the user's."""
    paths = {"data.path": params.data.path, "sample.replay": params.sample.replay}
    return paths if params.model == "tiny" else {**paths, "model": params.model}


def link(name: str, checkout: Path, path: Path) -> int:
    """Link what the checkout has at `path` and this copy lacks; how many links.

    A folder that git tracks in part is there already: link its other files one by one.
    Raises: DataError for a path that leads out of the checkout.
    """
    if os.path.normpath(path).startswith(".."):
        raise DataError(
            f"{name}: {path} leads out of the repository (params.yaml); a copy of it, where this "
            f"experiment runs, lies elsewhere. Give the absolute path: "
            f"{os.path.normpath(checkout / path)}"
        )
    source = checkout / path
    if not path.is_dir():
        return _link(source, path)
    files = (f for f in source.rglob("*") if f.is_symlink() or not f.is_dir())
    return sum(
        _link(f, path / f.relative_to(source)) for f in files if "__pycache__" not in f.parts
    )


def _link(source: Path, target: Path) -> int:
    if target.exists() or not source.exists():
        return 0
    if target.is_symlink():
        raise DataError(
            f"{target} is a link that git tracks; it leads out of the repository, and nowhere in a "
            f"copy of it, where this experiment runs. Name {source.resolve()} instead."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source)
    return 1
