"""The figures of an experiment, each an `<svg>` element made from a `Summary`.

pass_at_1   greedy accuracy per iteration, with the base and the human control as levels
gap         train, val and test together: what is learned and what is only remembered
pass_at_k   how likely k samples hold a right one; a curve that falls at large k is collapse
training    loss and reward on D_val over the updates of every M-step
outcomes    what became of the samples of every E-step
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from restem.core.records import CORRECT, ERROR, OUTCOMES, TIMEOUT
from restem.evaluation.canvas import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    RED,
    canvas,
    in_percent,
    label_axes,
    label_ends,
    to_svg,
)  # fmt: skip
from restem.evaluation.summary import BASE, HUMAN, TEST, TRAIN, VAL, Policy, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SET_COLOURS = {TEST: BLUE, VAL: GREEN, TRAIN: ORANGE}
TRANSFER_COLOURS = (RED, PURPLE, GREEN, ORANGE)
ITERATION_COLOURS = ("#6aaed6", "#3d8dc4", "#1f6fb0", "#0b4f94", "#08306b")  # light to dark
OUTCOME_COLOURS = dict(zip(OUTCOMES, (BLUE, ORANGE, PURPLE, RED, GREEN, "#8c6d31", "#56b4e9",
                                      MUTED, INK), strict=True))  # fmt: skip


def pass_at_1(summary: Summary) -> str:
    figure, (ax,) = canvas()
    ends = []
    for name, colour in zip(summary.held_out, (BLUE, *TRANSFER_COLOURS * 9), strict=False):
        ends.append(_line(ax, summary, name, colour, band=True))
        if summary.human:
            level = summary.human.score(name).mean
            ax.axhline(level, color=colour, linestyle=(0, (5, 3)), linewidth=1.2, alpha=0.8)
            ends.append((level, f"{name}, human SFT", colour))
    base = summary.base.score(TEST).mean
    ax.axhline(base, color=MUTED, linestyle=(0, (1, 2)), linewidth=1.2)
    ends.append((base, "test, base", MUTED))
    in_percent(ax, 0, min(1.0, 1.1 * max(_highs(summary))))
    _iterations(ax, summary)
    label_axes(ax, "iteration (0: base model)", "Greedy pass@1, 95 % intervals over problems")
    label_ends(ax, ends)
    return to_svg(figure, "pass-at-1", "Greedy pass@1 per iteration on test and transfer problems")


def gap(summary: Summary) -> str:
    figure, (ax,) = canvas()
    names = [name for name in (TRAIN, VAL, TEST) if name in summary.base.sets]
    ends = [_line(ax, summary, name, SET_COLOURS[name]) for name in names]
    in_percent(ax, 0)
    _iterations(ax, summary)
    label_axes(ax, "iteration (0: base model)", "Train, validation and test, greedy pass@1")
    label_ends(ax, ends)
    return to_svg(figure, "gap", "Greedy pass@1 per iteration on train, validation and test")


def pass_at_k(summary: Summary) -> str:
    """An empty string where nothing was sampled."""
    if not summary.base.pass_at():
        return ""
    figure, (ax,) = canvas()
    ends = []
    for policy in summary.policies:
        curve = policy.pass_at()
        colour, style = _colour(summary, policy), "--" if policy.name == HUMAN else "-"
        ks, means = list(curve), [interval.mean for interval in curve.values()]
        ax.plot(ks, means, color=colour, linestyle=style, marker="o", markersize=4, linewidth=1.8)
        ends.append((means[-1], policy.label, colour))
    ax.set_xscale("log", base=2)
    ax.set_xticks(list(summary.base.pass_at()), [str(k) for k in summary.base.pass_at()])
    ax.minorticks_off()
    in_percent(ax, 0, 1.02)
    label_axes(ax, "k, samples drawn", "Test pass@k, sampled")
    label_ends(ax, ends)
    return to_svg(figure, "pass-at-k", "Chance that k sampled solutions contain a correct one")


def training(summary: Summary) -> str:
    """An empty string where nothing was trained."""
    trained = [policy for policy in summary.policies if policy.training]
    if not trained:
        return ""
    figure, (left, right) = canvas(panels=2)
    for policy in trained:
        assert policy.training
        losses, checks = policy.training["curve"], policy.training["checks"]
        colour = _colour(summary, policy)
        left.plot([p["step"] for p in losses], _smooth([p["loss"] for p in losses]),
                  color=colour, linewidth=1.6, label=policy.label)  # fmt: skip
        right.plot([c["step"] for c in checks], [c["reward"] for c in checks],
                   color=colour, linewidth=1.6, marker="o", markersize=4)  # fmt: skip
        right.plot(policy.training["best_step"], policy.training["best_reward"],
                   color=colour, marker="*", markersize=12)  # fmt: skip
    in_percent(right, 0)
    label_axes(left, "update", "Training loss")
    label_axes(right, "update (star: kept)", "Reward on D_val")
    left.legend(frameon=False, fontsize=9, labelcolor=INK)
    return to_svg(figure, "training", "Training loss and validation reward of every M-step")


def outcomes(summary: Summary) -> str:
    """An empty string where nothing was sampled for training."""
    steps = [policy for policy in summary.loop if policy.e_step]
    if not steps:
        return ""
    figure, (ax,) = canvas(height=1.3 + 0.42 * len(steps))
    ax.grid(visible=False)
    left = [0.0] * len(steps)
    for name in OUTCOMES:
        shares = [_share(policy, name) for policy in steps]
        if not any(shares):
            continue
        bars = ax.barh([p.label for p in steps], shares, left=left, height=0.62,
                       color=OUTCOME_COLOURS[name], label=name.replace("_", " "))  # fmt: skip
        texts = [f"{100 * share:.0f} %" if share >= 0.07 else "" for share in shares]
        on = "white" if name in (CORRECT, TIMEOUT, ERROR) else INK
        ax.bar_label(bars, texts, label_type="center", color=on, fontsize=9)
        left = [a + b for a, b in zip(left, shares, strict=True)]
    ax.invert_yaxis()
    ax.set_xlim(0, 1)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    label_axes(ax, "", "What became of the samples of each E-step")
    ax.legend(frameon=False, fontsize=9, labelcolor=INK, ncols=4, loc="upper left",
              bbox_to_anchor=(0, 0), handlelength=1)  # fmt: skip
    return to_svg(figure, "outcomes", "Share of each outcome among the samples of every E-step")


def _line(
    ax: Axes, summary: Summary, name: str, colour: str, band: bool = False
) -> tuple[float, str, str]:
    """A set's pass@1 over the loop; returns its label for `label_ends`."""
    steps = [int(policy.name) for policy in summary.loop]
    scores = [policy.score(name) for policy in summary.loop]
    ax.plot(steps, [s.mean for s in scores], color=colour, marker="o", markersize=5, linewidth=2.2)
    if band:
        ax.fill_between(steps, [s.low for s in scores], [s.high for s in scores], color=colour,
                        alpha=0.13, linewidth=0)  # fmt: skip
    return scores[-1].mean, f"{name} {100 * scores[-1].mean:.1f} %", colour


def _iterations(ax: Axes, summary: Summary) -> None:
    ax.set_xticks([int(policy.name) for policy in summary.loop])
    ax.margins(x=0.06)


def _highs(summary: Summary) -> list[float]:
    return [policy.score(name).high for policy in summary.policies for name in summary.held_out]


def _colour(summary: Summary, policy: Policy) -> str:
    """Iterations go from light to dark over the whole scale, however many there are."""
    if policy.name in (BASE, HUMAN):
        return MUTED if policy.name == BASE else ORANGE
    place = (int(policy.name) - 1) / max(len(summary.loop) - 2, 1)
    return ITERATION_COLOURS[round(place * (len(ITERATION_COLOURS) - 1))]


def _share(policy: Policy, outcome: str) -> float:
    assert policy.e_step
    return policy.e_step.outcomes[outcome] / max(policy.e_step.num_samples, 1)


def _smooth(losses: Sequence[float]) -> list[float]:
    """Means over a trailing window of a fiftieth of the curve: single updates are mostly noise."""
    window = max(1, len(losses) // 50)
    return [
        sum(losses[max(0, i - window + 1) : i + 1]) / len(losses[max(0, i - window + 1) : i + 1])
        for i in range(len(losses))
    ]
