"""Losses, gradients and trainings that must be equal however solutions are laid out in rows and
passes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from training_jobs import (
    MODELS,
    by_weights,
    families,
    job,
    llama,
    rows,
    save_policy,
    silent,
    tokenizer,
)

from restem.core.records import TrainRow
from restem.training.collate import collate
from restem.training.dataset import Row, encode, into_rows, shared_prefix
from restem.training.loop import train
from restem.training.loss import can_branch, has_plain_cache, weighted_nll

NORMALIZE = pytest.mark.parametrize("normalize", ["token", "solution"])
SHARE = pytest.mark.parametrize("share", [False, True])
Step = tuple[torch.Tensor, list[torch.Tensor]]
Training = tuple[list[dict[str, float]], dict[str, torch.Tensor]]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_policy(tmp_path_factory.mktemp("policy") / "tiny")


def loss_and_gradients(
    model: Any,
    some: Sequence[Row],
    prefix: Sequence[int] = (),
    normalize: str = "token",
    attention: str = "sdpa",
) -> Step:
    batch = collate(some, len(prefix), 0, normalize)
    nll = weighted_nll(model, batch, prefix, attention)
    loss = nll / sum(row.mass(normalize) for row in some)
    return loss.detach(), list(torch.autograd.grad(loss, list(model.parameters())))


def assert_equal_steps(a: Step, b: Step) -> None:
    assert abs(float(a[0] - b[0])) < 1e-5
    total = float(torch.stack([one.norm() for one in a[1]]).norm())
    for one, other in zip(a[1], b[1], strict=True):  # some are 0 but for rounding
        assert float((one - other).norm()) <= 1e-5 * float(one.norm()) + 1e-6 * total


def attentive(model: Any) -> Any:
    """With weights so large that it matters what is attended to, and from where."""
    for name, weight in model.named_parameters():
        if any(part in name for part in ("q_proj.weight", "k_proj.weight", "c_attn.weight")):
            torch.nn.init.normal_(weight, std=0.5)
    return model.train()


@NORMALIZE
@pytest.mark.parametrize("name", MODELS)
def test_rows_that_share_prompt_and_prefix_are_the_same_as_whole_rows(
    name: str, normalize: str
) -> None:
    model = attentive(MODELS[name]())
    examples, _ = encode(families(4, 3), tokenizer(), 64)
    assert can_branch(model, "sdpa")
    assert has_plain_cache(model)
    prefix = shared_prefix(examples)
    assert len(prefix) > 10
    apart, together = (into_rows(examples, 64, share) for share in (False, True))
    assert [len(some) for some in (apart, together)] == [12, 4]
    whole = loss_and_gradients(model, apart, normalize=normalize)
    for some, begin in ((apart, prefix), (together, []), (together, prefix)):
        assert_equal_steps(whole, loss_and_gradients(model, some, begin, normalize))


def test_a_mask_that_lets_solutions_see_each_other_would_be_noticed() -> None:
    model = attentive(llama())
    [tree] = into_rows(encode(families(1, 3), tokenizer(), 64)[0], 64, share=True)
    batch = collate([tree], 0, 0, "token")
    leaky = {**batch, "segments": torch.zeros_like(batch["segments"])}
    straight = {**batch, "positions": torch.arange(tree.length)[None]}
    with torch.no_grad():
        right, *wrong = (float(weighted_nll(model, some, [])) for some in (batch, leaky, straight))
    assert all(abs(nll - right) > 1e-3 * right for nll in wrong)


solutions = st.lists(
    st.tuples(st.lists(st.integers(4, 30), min_size=1, max_size=8), st.floats(0.1, 4)),
    min_size=1,
    max_size=5,
)
random_families = st.lists(
    st.tuples(st.lists(st.integers(4, 30), min_size=1, max_size=6), solutions),
    min_size=1,
    max_size=4,
)


def as_rows(made: list[Any]) -> list[TrainRow]:
    words = tokenizer()
    spell = words.convert_ids_to_tokens
    return [
        TrainRow(" ".join(spell(prompt)), " ".join(spell(ids)), weight, f"p{i}", f"s{j}")
        for i, (prompt, several) in enumerate(made)
        for j, (ids, weight) in enumerate(several)
    ]


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=15, deadline=None)
@given(
    made=random_families, max_length=st.integers(15, 60), by=st.sampled_from(["token", "solution"])
)
def test_random_families_have_the_loss_of_whole_rows(
    name: str, made: list[Any], max_length: int, by: str
) -> None:
    model = attentive(MODELS[name]())
    examples, _ = encode(as_rows(made), tokenizer(), 64)
    whole = loss_and_gradients(model, into_rows(examples, 64, share=False), normalize=by)
    prefix = shared_prefix(examples)
    shared = loss_and_gradients(model, into_rows(examples, max_length, True), prefix, by)
    assert_equal_steps(whole, shared)


def step_of(some: Sequence[TrainRow], share: bool, normalize: str) -> Step:
    examples, _ = encode(some, tokenizer(), 64)
    made = into_rows(examples, 64, share)
    return loss_and_gradients(llama().train(), made, shared_prefix(examples), normalize)


@NORMALIZE
@SHARE
def test_a_row_of_weight_2_is_the_row_twice(share: bool, normalize: str) -> None:
    a, b, *others = (replace(row, weight=1.0) for row in families(2, 2))
    once = step_of([replace(a, weight=2.0), b, *others], share, normalize)
    assert_equal_steps(once, step_of([a, a, b, *others], share, normalize))


@NORMALIZE
@SHARE
def test_a_row_of_weight_0_is_none(share: bool, normalize: str) -> None:
    a, b, *others = families(2, 2)
    without = step_of([a, *others], share, normalize)
    assert_equal_steps(without, step_of([a, replace(b, weight=0.0), *others], share, normalize))


@NORMALIZE
@SHARE
def test_a_weight_common_to_all_rows_cancels(share: bool, normalize: str) -> None:
    some = families(2, 2)
    tripled = [replace(row, weight=3.0 * row.weight) for row in some]
    assert_equal_steps(step_of(tripled, share, normalize), step_of(some, share, normalize))


def curve_and_weights(folder: Path, policy: Path, **changes: Any) -> Training:
    result = train(job(folder, policy, **{"max_epochs": 2, **changes}), by_weights, silent)
    [weights] = (folder / f"work/checkpoint-{result.num_updates}").glob("*model.safetensors")
    return result.curve, load_file(weights)


def assert_equal_trainings(a: Training, b: Training, tolerance: float) -> None:
    assert [point["step"] for point in a[0]] == [point["step"] for point in b[0]]
    for name in ("loss", "learning_rate", "grad_norm"):
        one, other = ([point[name] for point in curve] for curve, _ in (a, b))
        assert one == pytest.approx(other, rel=tolerance), name
    for name, weight in a[1].items():  # AdamW blows up the rounding of gradients next to 0
        torch.testing.assert_close(weight, b[1][name], atol=5e-6, rtol=1e-5, msg=name)


@pytest.mark.slow
@NORMALIZE
@SHARE
def test_one_pass_of_eight_rows_is_eight_passes_of_one(
    tmp_path: Path, policy: Path, share: bool, normalize: str
) -> None:
    some = families(16, 2)  # of the prompts about 6 tokens are not in the prefix
    same = {"rows": some, "share_prompts": share, "normalize": normalize, "batch_tokens": 96}
    once = curve_and_weights(tmp_path / "1", policy, **same)
    for passes in (2, 8):
        split = curve_and_weights(tmp_path / str(passes), policy, accumulate=passes, **same)
        assert_equal_trainings(once, split, 1e-5)


@pytest.mark.slow
def test_more_passes_than_rows_change_nothing(tmp_path: Path, policy: Path) -> None:
    once = curve_and_weights(tmp_path / "1", policy)
    split = curve_and_weights(tmp_path / "9", policy, accumulate=9)
    assert len(once[0]) > 2 * len(rows()) / 9  # updates of fewer rows
    assert_equal_trainings(once, split, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"lora": 4, "freeze_embeddings": False}])
def test_activations_computed_again_change_nothing(
    tmp_path: Path, policy: Path, changes: dict[str, Any]
) -> None:
    same = {"rows": families(8, 3), **changes}
    kept = curve_and_weights(tmp_path / "kept", policy, **same)
    again = curve_and_weights(tmp_path / "again", policy, gradient_checkpointing=True, **same)
    assert_equal_trainings(kept, again, 1e-6)


@pytest.mark.slow
def test_rows_of_a_whole_problem_train_as_rows_of_one_solution(
    tmp_path: Path, policy: Path
) -> None:
    same = {"rows": families(6, 3), "batch_tokens": 10**6}  # an epoch is one update
    apart = curve_and_weights(tmp_path / "apart", policy, share_prompts=False, **same)
    together = curve_and_weights(tmp_path / "together", policy, share_prompts=True, **same)
    assert_equal_trainings(apart, together, 1e-5)
