"""What is concluded from the evaluations: choices, differences, the sentence, the small files."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from restem.evaluation.exports import (
    fault_notes,
    headline,
    iteration_records,
    points,
    summary_record,
    to_csv,
)
from restem.evaluation.measures import EvalRow, IntervalJson, SetMetrics
from restem.evaluation.monitors import Training, count_e_step, curve_rows
from restem.evaluation.statistics import GAIN, LOSS, NO_CHANGE
from restem.evaluation.summary import Policy, Summary


def row(name: str, index: int, hit: int) -> EvalRow:
    return {"set": name, "problem_id": f"{name}-{index:03d}", "subject": "sums", "level": 1,
            "greedy": hit, "outcome": "correct" if hit else "wrong", "text": "", "answer": None,
            "num_tokens": 5, "num_samples": None, "num_correct": None, "maj": None}  # fmt: skip


def around(mean: float) -> IntervalJson:
    return {"mean": mean, "low": max(0, mean - 0.1), "high": min(1, mean + 0.1)}


def policy(name: str, **hits: list[int]) -> Policy:
    """hits: greedy 0/1 of each problem, by set."""
    sets: dict[str, SetMetrics] = {
        name: {"pass_at_1": around(sum(one) / len(one)), "num_problems": len(one),
               "outcomes": {"correct": sum(one), "truncated": 1}, "mean_tokens": 5.0,
               "by_level": {}, "by_subject": {}, "num_sampled_problems": 0,
               "num_scored": len(one), "num_faults": 0}
        for name, one in hits.items()
    }  # fmt: skip
    rows = [row(name, i, hit) for name, one in hits.items() for i, hit in enumerate(one)]
    return Policy(name, sets, rows)


def share(right: int, of: int = 100) -> list[int]:
    return [1] * right + [0] * (of - right)


BASE = policy("0", test=share(20), val=share(20), train=share(25), stories=share(30))
ONE = policy("1", test=share(60), val=share(70), train=share(70), stories=share(50))
TWO = policy("2", test=share(65), val=share(66), train=share(90), stories=share(49))
HUMAN = policy("human", test=share(40), val=share(40), train=share(45), stories=share(20))
WHOLE = Summary([BASE, HUMAN, ONE, TWO], 500, 0)


def test_the_best_iteration_is_chosen_on_val_even_if_test_says_otherwise() -> None:
    assert TWO.score("test").mean > ONE.score("test").mean
    assert WHOLE.best_val is ONE
    record = summary_record(WHOLE)
    assert record["best_val"] == {
        "iteration": 1, "test": 0.6, "val": 0.7, "train": 0.7, "stories": 0.5,
    }  # fmt: skip


def test_equals_on_val_go_to_the_earlier_policy() -> None:
    same = policy("2", test=share(99), val=share(70))
    assert Summary([BASE, ONE, same], 200, 0).best_val is ONE


def test_differences_pair_base_previous_and_human_with_every_iteration() -> None:
    pairs = [(d.before.name, d.after.name) for d in WHOLE.differences if d.set == "test"]
    with_human = [("human", "1"), ("human", "2"), ("0", "human")]
    assert pairs == [("0", "1"), ("0", "2"), ("1", "2"), *with_human]
    assert {d.set for d in WHOLE.differences} == {"test", "stories"}


def test_gained_and_lost_problems_are_counted_by_id() -> None:
    before, after = policy("0", test=[1, 1, 0, 0, 0]), policy("1", test=[0, 1, 1, 1, 0])
    found = Summary([before, after], 200, 0).difference(before, after, "test")
    assert (found.gained, found.lost, found.num_problems) == (2, 1, 5)
    assert found.change.mean == pytest.approx(0.2)


def test_problems_are_paired_by_id_not_by_place() -> None:
    after = Policy("1", ONE.sets, list(reversed(ONE.rows)))
    mixed = Summary([BASE, after], 200, 0).difference(BASE, after, "test")
    assert mixed.change == Summary([BASE, ONE], 200, 0).difference(BASE, ONE, "test").change


def test_verdicts_follow_the_intervals() -> None:
    assert WHOLE.find(BASE, ONE).verdict == GAIN
    assert WHOLE.find(BASE, HUMAN, "stories").verdict == LOSS
    assert WHOLE.find(ONE, TWO, "stories").verdict == NO_CHANGE


def test_headline_names_problems_interval_seed_and_control() -> None:
    said = headline(WHOLE)
    change = WHOLE.find(BASE, TWO).change
    assert said == (
        "After 2 iterations of self-training, greedy pass@1 on 100 test problems goes from 20.0 % "
        f"to 65.0 %: +45.0 points (95 % CI {points(change.low)} to {points(change.high)}, 1 seed), "
        "a significant gain; training on human solutions instead gives 40.0 %."
    )


def test_headline_does_not_dress_up_noise_or_loss() -> None:
    base = policy("0", test=share(20), val=share(20))
    other = policy("1", test=[0, *share(20, 99)], val=share(20))  # loses one, gains one
    assert "+0.0 points" in (said := headline(Summary([base, other], 500, 0)))
    assert said.endswith("1 seed), no significant change.")
    worse = policy("1", test=share(5), val=share(5))
    assert "−15.0 points" in (said := headline(Summary([base, worse], 500, 0)))
    assert said.endswith("a significant loss.")


def test_a_run_without_iterations_still_has_a_headline_and_a_summary() -> None:
    alone = Summary([BASE], 500, 0)
    assert headline(alone).startswith("The base model solves 20.0 % of 100 test problems (95 % CI")
    assert summary_record(alone)["last"] == {**_scores(BASE), "iteration": 0}
    assert "gain" not in summary_record(alone)
    assert len(iteration_records(alone)) == 1


def _scores(one: Policy) -> dict[str, float]:
    return {name: one.score(name).mean for name in one.sets}


def with_faults(one: Policy, name: str, count: int) -> Policy:
    counted = one.sets[name].copy()
    counted["num_faults"] = count
    return replace(one, sets={**one.sets, name: counted})


def test_solutions_that_could_not_be_judged_are_told() -> None:
    broken = Summary([with_faults(BASE, "val", 3), HUMAN, with_faults(ONE, "test", 2), TWO], 500, 0)
    assert summary_record(broken) == {**summary_record(WHOLE), "faults": 5}
    clause = "; the verifier could not judge 5 of 1,600 solutions."
    assert headline(broken) == headline(WHOLE).removesuffix(".") + clause
    assert fault_notes(broken) == [
        "Base: the verifier could not judge 3 of 400 solutions.",
        "Iteration 1: the verifier could not judge 2 of 400 solutions.",
    ]
    alone = headline(Summary([with_faults(BASE, "val", 3)], 500, 0))
    assert alone.endswith("no iteration was run; the verifier could not judge 3 of 400 solutions.")


def test_without_faults_nothing_is_said_of_them() -> None:
    assert fault_notes(WHOLE) == []
    assert "faults" not in summary_record(WHOLE)
    assert "judge" not in headline(WHOLE)


def test_summary_has_gains_over_base_human_and_last_step() -> None:
    record = summary_record(WHOLE)
    assert record["gain"]["test"]["mean"] == 0.45  # type: ignore[index]  # JSON
    assert record["over_human"]["stories"]["mean"] == 0.29  # type: ignore[index]  # JSON
    assert record["last_step"]["test"]["mean"] == 0.05  # type: ignore[index]  # JSON
    assert record["human"] == {"test": 0.4, "val": 0.4, "train": 0.45, "stories": 0.2}


def test_iterations_csv_has_a_row_per_policy_of_the_loop_and_levels_for_the_controls() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(iteration_records(WHOLE)).decode())))
    assert [one["iteration"] for one in rows] == ["0", "1", "2"]
    assert [one["test.pass_at_1"] for one in rows] == ["0.2", "0.6", "0.65"]
    assert {one["human.test"] for one in rows} == {"0.4"}
    assert {one["base.test"] for one in rows} == {"0.2"}
    assert [one["gap"] for one in rows] == ["0.05", "0.1", "0.25"]
    assert [one["transfer.pass_at_1"] for one in rows] == [one["stories.pass_at_1"] for one in rows]


def test_what_is_unknown_is_no_zero_in_a_plot() -> None:
    first = iteration_records(Summary([BASE, ONE], 200, 0))[0]
    assert {first["human.test"], first["e_step.kept"]} == {"nan"}
    assert "" not in first.values()


def sample(problem: str, text: str, outcome: str) -> dict[str, object]:
    reward = float(outcome == "correct")
    return {"problem_id": problem, "text": text, "outcome": outcome, "reward": reward,
            "num_tokens": 4}  # fmt: skip


def test_e_step_counts() -> None:
    step = count_e_step(
        [sample("a", "x", "correct"), sample("a", "x", "correct"), sample("a", "y", "correct"),
         sample("b", "x", "correct"), sample("b", "z", "wrong"), sample("c", "z", "timeout")],
        3,
    )  # fmt: skip
    assert (step.num_problems, step.num_samples, step.num_correct) == (3, 6, 4)
    assert (step.num_distinct, step.num_solved, step.num_kept) == (3, 2, 3)
    assert (step.accuracy, step.solved, step.distinct) == (4 / 6, 2 / 3, 3 / 4)
    assert step.outcomes["timeout"] == 1


def test_e_step_counts_as_correct_what_the_filter_may_keep() -> None:
    """A verifier with partial credit: the reward decides, not the name of the outcome."""
    partial = [{**sample(name, "x", "wrong"), "reward": 0.5} for name in "ab"]
    nothing = {**sample("c", "y", "correct"), "reward": 0.0}
    step = count_e_step([*partial, nothing], 2)
    assert (step.num_correct, step.num_distinct, step.num_solved) == (2, 2, 2)


def test_curves_join_losses_and_checks_by_step() -> None:
    training: Training = {
        "curve": [{"step": 1, "epoch": 0.5, "loss": 2.0}, {"step": 2, "epoch": 1.0, "loss": 1.0}],
        "checks": [{"step": 0, "epoch": 0, "reward": 0.1}, {"step": 2, "epoch": 1, "reward": 0.3}],
        "best_step": 2, "best_reward": 0.3, "num_rows": 1, "num_overlong": 0, "num_updates": 2,
        "target_tokens": 1, "tokens": 1, "init": "models/0",
    }  # fmt: skip
    assert to_csv(curve_rows(training)).decode().splitlines() == [
        "step,epoch,loss,reward", "0,0,nan,0.1", "1,0.5,2.0,nan", "2,1.0,1.0,0.3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("difference", "said"), [(0.1234, "+12.3"), (-0.05, "−5.0"), (-0.0001, "+0.0"), (0, "+0.0")]
)
def test_points_have_a_sign_and_never_a_negative_zero(difference: float, said: str) -> None:
    assert points(difference) == said
