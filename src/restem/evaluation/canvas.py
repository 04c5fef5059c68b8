"""The look of the figures: colours, fonts, and SVG text that is the same bytes for the same data.

Colours are Okabe and Ito's, told apart by colour-blind readers too, and every line is named where
it ends, so that no figure depends on them. Nothing here touches pyplot or its global state.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7"
INK, MUTED, GRID, PALE = "#1f2933", "#66727f", "#e4e8ec", "#b8c1cb"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
WIDTH, HEIGHT = 5.6, 3.4  # inches: text stays legible when a phone shows the figure at its width


def canvas(panels: int = 1, height: float = HEIGHT) -> tuple[Figure, list[Axes]]:
    """A figure with `panels` clean axes beside each other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = [figure.add_subplot(1, panels, i + 1) for i in range(panels)]
    for ax in axes:
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.spines["bottom"].set_color(PALE)
        ax.grid(axis="y", color=GRID, linewidth=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(colors=MUTED, labelsize=9, length=0)
    return figure, axes


def in_percent(ax: Axes, low: float | None = None, high: float | None = None) -> None:
    """Shares as percent on the vertical axis; without limits that differ, the data set them."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    ax.set_ylim(low, None if high == low else high)
    ax.yaxis.set_major_locator(MaxNLocator(6))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))


def label_axes(ax: Axes, x: str, title: str) -> None:
    ax.set_xlabel(x, color=MUTED, fontsize=9)
    ax.set_title(title, loc="left", color=INK, fontsize=10.5, fontweight="bold", pad=10)


def label_ends(ax: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Name lines beside the axes: (height, text, colour); labels that would touch move apart.

    Call it last: it reads the limits of the vertical axis.
    """
    low, high = ax.get_ylim()
    step = 0.07 * (high - low)
    ordered = sorted(ends)
    heights: list[float] = []
    for height, _, _ in ordered:
        heights.append(max(height, heights[-1] + step) if heights else height)
    moved = max(heights[-1] - max(high, ordered[-1][0]), 0) if heights else 0
    for y, (_, text, colour) in zip(heights, ordered, strict=True):
        ax.annotate(text, (1, y - moved), (6, 0), ax.get_yaxis_transform(), "offset points",
                    color=colour, fontsize=9, va="center", annotation_clip=False)  # fmt: skip


def to_svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an `<svg>` element: text as text, ids led by `name`, no date, no version."""
    from matplotlib import rc_context

    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", facecolor="white", metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].rstrip() + "\n"
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'url\(#|href="#', lambda hit: f"{hit.group()}{name}-", svg)
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", FONT, svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{description}" ', 1)
