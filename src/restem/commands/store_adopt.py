"""`restem store adopt`: go on with work that earlier code began.

Everything but the code must be equal: data, model, values. Shards and verdicts join those there
are; a training's checkpoints take the place of what today's code has begun, unless that is as far.
The earlier folder stays as it is (its files are linked, not copied), `restem store gc` frees it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from restem.core import adoption, layout, plugins, storage
from restem.core.adoption import ADOPTED, Earlier
from restem.core.errors import DataError, ParamsError, RestemError
from restem.core.judging import reward_name
from restem.core.params import Params
from restem.core.ranges import MAX_ITERS
from restem.core.scratch import (
    FINISHED,
    lock_file,
    locked,
    scratch_path,
    write_atomically,
    write_inputs,
)
from restem.rewards import work as scoring
from restem.sampling.contract import contract, policy
from restem.sampling.drawing import store_key
from restem.training import work as training

ALL = "all"
STAGES = (
    *(f"{stage}@{k}" for k in range(1, MAX_ITERS + 1) for stage in ("sample", "score", "train")),
    "train@human",
)
SHOWN = 20
"""Changed files that are listed."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where today's work of a stage lies, and what it depends on."""

    stage: str
    path: Path
    inputs: Mapping[str, object]


def adopt(params: Params, stages: Sequence[str]) -> Iterator[str]:
    """Lines to show. Raises: DataError for a stage that has nothing to adopt (not for `all`)."""
    if unknown := set(stages) - {ALL, *STAGES}:
        raise ParamsError(f"adopt: no stage {min(unknown)!r} keeps work that can be adopted. There "
                          f"is {', '.join(STAGES[:3])}, ..., {STAGES[-1]}, and {ALL}.")  # fmt: skip
    done: set[str] = set()
    for stage in STAGES if ALL in stages else stages:
        try:
            samples = stage.replace("score", "sample")
            if samples != stage and samples in done:
                raise DataError(f"{stage} will judge anew what {samples} writes with its mark")
            yield from _adopt(_target(params, stage))
            done.add(stage)
        except RestemError as error:
            if ALL not in stages:
                raise
            if _has_work(stage):
                yield f"not adopted: {error}"
    if ALL in stages:
        yield f"{len(done)} {'stage' if len(done) == 1 else 'stages'} adopted"


def _has_work(stage: str) -> bool:
    return bool(adoption.others(scratch_path(stage.replace("@", "-"), {})))


def _target(params: Params, stage: str) -> Target:
    """Raises: DataError where what the stage reads is not there; SandboxError."""
    name, _, k = stage.partition("@")
    if not _has_work(stage):
        raise DataError(f"there is no work of {stage} in the store; `restem store ls` lists it")
    if k.isdigit() and int(k) > params.iters:
        raise DataError(f"{stage} is beyond iters: {params.iters} (params.yaml)")
    if name == "sample":
        if not policy(k).is_dir():
            raise DataError(f"{stage} samples from {policy(k)}, which is missing; run `dvc repro`")
        inputs = store_key(params, contract(params, k))
    elif name == "train":
        inputs = training.inputs(params, training.asked(params, k))
    else:
        problems = storage.read_problems(layout.problems("train"))
        named = reward_name(params.reward, problems)
        with plugins.open_reward(named, params.score, params.machine) as reward:
            inputs = scoring.inputs(params, k, reward.grader)
    return Target(stage, scratch_path(f"{name}-{k}", inputs), inputs)


def _adopt(target: Target) -> Iterator[str]:
    """Raises: DataError; nothing has been touched then."""
    with ExitStack() as held:
        _hold(held, target.path)
        found = adoption.earlier(target.path, target.inputs)
        if not found:
            raise DataError(_why_nothing(target))
        for one in found:
            _hold(held, one.path)
        merging = not target.stage.startswith("train")
        taken = found if merging else found[:1]
        names = _missing(target, taken) if merging else [list(one.parts) for one in taken]
        if not merging:
            _check_progress(target, taken[0])
        if not any(names):
            raise DataError(f"{target.stage}: what earlier code made is there already")
        (_merge if merging else _replace)(target, taken, names)
    for one, mine in zip(taken, names, strict=True):
        if mine:
            listed = f"{len(one.changed)} changed since:" if one.changed else \
                adoption.in_words(one.changed)  # fmt: skip
            yield f"{target.stage}: {_parts(mine)} adopted, {listed}"
            yield from (f"  {file}" for file in (one.changed or [])[:SHOWN])
            if one.changed and len(one.changed) > SHOWN:
                yield f"  and {len(one.changed) - SHOWN} more"
    yield "`dvc repro` goes on with it; its output, the report and MLflow will tell."


def _parts(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} parts"


def _hold(held: ExitStack, path: Path) -> None:
    """Lock a folder, or raise DataError if a process is at it."""
    try:
        held.enter_context(locked(path, wait=False))
    except BlockingIOError as error:
        raise DataError(
            f"a process is at {path} ({lock_file(path)}). Stop it or wait, then adopt."
        ) from error


def _why_nothing(target: Target) -> str:
    now = json.loads(json.dumps(target.inputs))
    for other in adoption.others(target.path):
        then = adoption.read_inputs(other)
        if then is None:
            return f"{target.stage}: {other} does not say what it is of (no .inputs); not adopted"
        names = ", ".join(adoption.unequal(then, now)[:5])
        return (f"{target.stage}: the work there is depends on other inputs, not only other code "
                f"({names} differ); not adopted")  # fmt: skip
    return f"{target.stage}: the work there is, is of today's code; `dvc repro` goes on with it"


def _missing(target: Target, taken: Sequence[Earlier]) -> list[list[str]]:
    """Parts of each earlier folder that neither today's nor a later one has."""
    there = set(adoption.parts(target.path))
    names = []
    for one in taken:
        names.append(sorted(set(one.parts) - there))
        there |= set(one.parts)
    return names


def _check_progress(target: Target, one: Earlier) -> None:
    """Raises: DataError if today's code has come as far."""
    here, there = (max(map(_step, parts), default=-1)
                   for parts in (adoption.parts(target.path), one.parts))  # fmt: skip
    if here >= there:
        raise DataError(f"{target.stage}: today's code has come to update {here} itself, earlier "
                        f"code to {there}; not adopted")  # fmt: skip


def _step(checkpoint: str) -> int:
    return int(checkpoint.rpartition("-")[2])


def _merge(target: Target, taken: Sequence[Earlier], names: Sequence[Sequence[str]]) -> None:
    """The record first: a part that earlier code made never stands there without it."""
    if not (target.path / adoption.INPUTS).exists():
        write_inputs(target.path, target.inputs)
    before = adoption.read_record(target.path)
    _write_record(target.path, [*before, *adoption.record(taken, names)])
    for one, mine in zip(taken, names, strict=True):
        for name in mine:
            _link(one.path / name, target.path / name)
    (target.path / FINISHED).unlink(missing_ok=True)


def _replace(target: Target, taken: Sequence[Earlier], names: Sequence[Sequence[str]]) -> None:
    """Made beside, then renamed: a kill leaves the old folder or the new one."""
    new = target.path.with_name(f".{target.path.name}.new.partial")
    old = target.path.with_name(f".{target.path.name}.partial")
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    write_inputs(new, target.inputs)
    _write_record(new, adoption.record(taken, names))
    for one, mine in zip(taken, names, strict=True):
        for name in mine:
            shutil.copytree(one.path / name, new / name, copy_function=_link)
    if target.path.exists():
        target.path.rename(old)
    new.rename(target.path)
    shutil.rmtree(old, ignore_errors=True)


def _write_record(path: Path, record: Sequence[object]) -> None:
    write_atomically(path / ADOPTED, (json.dumps(record, sort_keys=True, indent=1) + "\n").encode())


def _link(source: str | Path, to: str | Path) -> None:
    """Files of the store are never changed in place, so that two folders may share them."""
    try:
        os.link(source, to)
    except OSError:  # a file system without links, or another one
        shutil.copy2(source, to)
