"""House style, and the pictures that more than one chapter draws."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.cbook import normalize_kwargs
from matplotlib.contour import QuadContourSet
from matplotlib.lines import Line2D

# Okabe and Ito's palette (2008), told apart by colour-blind readers; yellow, too faint,
# left out.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#A95A8B",
    "#56B4E9",
    "#767676",
)
COLOURS = [BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY]
WIDTH = 6.8  # setting: inches, one width for every figure of the book


def style() -> None:
    """Set the house style: one width, few colours, no box, text a phone can show."""
    plt.rcParams.update(
        {
            "figure.figsize": (WIDTH, 3.4),
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "font.size": 11,
            "axes.titlesize": 11.5,
            "axes.labelsize": 11,
            "legend.fontsize": 10,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": "#555555",
            "axes.grid": True,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.7,
            "axes.axisbelow": True,
            "axes.prop_cycle": cycler(color=COLOURS),
            "lines.linewidth": 1.8,
            "image.cmap": "cividis",
        }
    )


def contours(
    ax: Axes,
    f: Callable[[np.ndarray, np.ndarray], np.ndarray],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    levels: int | Sequence[float] = 12,  # setting
    **kwargs: Any,
) -> QuadContourSet:
    """Level sets of ``f(x, y)``, vectorised over arrays, on ``xlim`` x ``ylim``.

    Keywords go to ``ax.contour``.
    """
    n = 90  # setting
    x, y = np.meshgrid(np.linspace(*xlim, n), np.linspace(*ylim, n))
    colours = {} if "cmap" in kwargs else {"colors": "#9AA5B1"}
    style = colours | {"linewidths": 0.9, "zorder": 1} | kwargs
    drawn = ax.contour(x, y, f(x, y), levels, **style)
    ax.grid(False)
    ax.set(xlim=xlim, ylim=ylim)
    return drawn


def path(
    ax: Axes,
    points: np.ndarray,
    color: str = RED,
    label: str | None = None,
    **kwargs: Any,
) -> None:
    """The way of an iterate: start ringed, every step a dot.

    ``points`` has shape (steps, 2), with at least one step. Keywords go to ``ax.plot``.
    """
    points = np.asarray(points)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"points has shape {points.shape}, expected (steps, 2)")
    style = {"marker": ".", "markersize": 5, "linewidth": 1.3, "zorder": 3}  # setting
    style |= normalize_kwargs(kwargs, Line2D)
    ax.plot(*points.T, color=color, label=label, **style)
    ring = {"markersize": 8, "markerfacecolor": "white", "markeredgecolor": color}
    ax.plot(*points[0], "o", zorder=style["zorder"] + 1, **ring)
