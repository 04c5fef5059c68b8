"""Values of params.yaml: types, ranges, flat names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from restem.core import params
from restem.core.errors import ParamsError
from restem.core.ranges import RANGES

FILE = Path(__file__).parents[3] / "tests/params.yaml"


@pytest.fixture
def values() -> dict[str, Any]:
    return deepcopy(delivered())


@cache
def delivered() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


@cache
def typed() -> params.Params:
    return params.load(FILE)


def put(values: dict[str, Any], name: str, value: object) -> None:
    *sections, key = name.split(".")
    for section in sections:
        values = values[section]
    values[key] = value


def test_flat_names_are_those_of_the_file(values: dict[str, Any]) -> None:
    flat = params.flatten(params.load(FILE))
    assert flat["iters"] == values["iters"]
    assert flat["train.lr"] == values["train"]["lr"]
    assert flat["eval.pass_at"] == values["eval"]["pass_at"]
    assert flat["data.max_overlap.ngram"] == values["data"]["max_overlap"]["ngram"]
    assert len(flat) == sum(isinstance(x, (int, float, str, list)) for x in leaves(values))


def leaves(tree: dict[str, Any]) -> Iterator[object]:
    for value in tree.values():
        yield from leaves(value) if isinstance(value, dict) else [value]


@pytest.mark.parametrize(("name", "low", "high"), [row[:3] for row in RANGES])
def test_a_range_holds_at_its_ends_and_not_beyond(
    values: dict[str, Any], name: str, low: float, high: float
) -> None:
    whole = isinstance(params.flatten(typed())[name], int)
    put(values, "eval.pass_at", [1])
    for allowed in (low, high):
        put(values, name, int(allowed) if whole else float(allowed))
        params.check(values, "here")
    for refused in (low - 1, high + 1):
        put(values, name, int(refused) if whole else float(refused))
        with pytest.raises(ParamsError, match=rf"^here: {name} must be [<>]= .*, got "):
            params.check(values, "here")


@pytest.mark.parametrize("name", ["temperature", "train.lr", "score.max_fault_rate"])
def test_not_a_number_is_out_of_range(values: dict[str, Any], name: str) -> None:
    put(values, name, float("nan"))
    with pytest.raises(ParamsError, match=name):
        params.check(values, "here")


@pytest.mark.parametrize(
    ("name", "value"),
    [("cap", 2.5), ("cap", True), ("cap", "ten"), ("cap", [1]), ("train.lr", "fast"), ("method", 1),
     ("train.freeze_embeddings", "perhaps"), ("eval.pass_at", 3), ("eval.pass_at", ["a"]),
     ("model", None), ("task", {})],
)  # fmt: skip
def test_a_wrong_type_is_refused_by_name(values: dict[str, Any], name: str, value: object) -> None:
    put(values, name, value)
    with pytest.raises(ParamsError) as caught:
        params.check(values, "here")
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pass_at", [[], [0], [33], [1, 4, 1000]])
def test_k_lies_within_the_samples(values: dict[str, Any], pass_at: list[int]) -> None:
    put(values, "eval.samples", 32)
    put(values, "eval.pass_at", pass_at)
    with pytest.raises(ParamsError, match=r"eval\.pass_at must be"):
        params.check(values, "here")


@pytest.mark.parametrize(
    ("written", "means"), [("off", "off"), ('"off"', "off"), ("zero2", "zero2")]
)
def test_deepspeed_off_needs_no_quotes(tmp_path: Path, written: str, means: str) -> None:
    text, count = re.subn(r"(?m)^(  deepspeed:) \S+", rf"\1 {written}", FILE.read_text())
    (tmp_path / "params.yaml").write_text(text)
    assert (count, params.load(tmp_path / "params.yaml").train.deepspeed) == (1, means)


def test_recorded_samples_are_not_stopped_early(values: dict[str, Any]) -> None:
    put(values, "engine", "replay")
    put(values, "sample.stop_after_correct", 3)
    with pytest.raises(ParamsError, match=r"stop_after_correct needs an engine .* got 3\. Set it"):
        params.check(values, "params.yaml")


def test_sampling_that_stops_when_solved_is_refused_where_wrong_solutions_are_kept(
    values: dict[str, Any],
) -> None:
    put(values, "sample.stop_after_correct", 3)
    params.check(values, "here")
    put(values, "method.weight", "exp")
    with pytest.raises(ParamsError, match=r"stop_after_correct must be 0 .* exp, got 3") as refused:
        params.check(values, "here")
    assert "\n" not in str(refused.value)
    put(values, "sample.stop_after_correct", 0)
    params.check(values, "here")


def test_an_unknown_weight_is_refused_with_those_there_are(values: dict[str, Any]) -> None:
    put(values, "method.weight", "advantage")
    with pytest.raises(ParamsError, match=r"method\.weight must be one of one, reward, exp, got"):
        params.check(values, "here")


@pytest.mark.parametrize(
    "pair",
    [
        {"train.attention": "flash_attention_2", "train.precision": "fp32"},
        {"train.offload": True, "train.deepspeed": "off"},
        {"train.cluster": "ray", "train.processes": 0},
    ],
)
def test_values_that_do_not_go_together_are_refused(
    values: dict[str, Any], pair: dict[str, object]
) -> None:
    for name, value in pair.items():
        put(values, name, value)
    with pytest.raises(ParamsError, match="do not go together") as refused:
        params.check(values, "here")
    assert all(name in str(refused.value) for name in pair)
