"""House style, and the pictures that more than one chapter draws."""

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler

# Okabe and Ito's palette (2008), told apart by colour-blind readers; yellow left out (too faint).
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#A95A8B", "#56B4E9", "#767676",
)
COLOURS = [BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY]
WIDTH = 6.8  # inches: one width for every figure of the book


def style():
    """Set the house style: one width, few colours, no box, text that a phone can show."""
    plt.rcParams.update(
        {
            "figure.figsize": (WIDTH, 3.4), "figure.dpi": 110, "savefig.dpi": 110,
            "figure.constrained_layout.use": True, "figure.facecolor": "white",
            "font.size": 11, "axes.titlesize": 11.5, "axes.labelsize": 11,
            "legend.fontsize": 10, "legend.frameon": False,
            "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#555555",
            "axes.grid": True, "grid.color": "#DDDDDD", "grid.linewidth": 0.7,
            "axes.axisbelow": True, "axes.prop_cycle": cycler(color=COLOURS),
            "lines.linewidth": 1.8, "image.cmap": "cividis",
        }
    )


def contours(ax, f, xlim, ylim, levels=12, **kwargs):
    """Level sets of ``f(x, y)`` (vectorised over arrays) on the box ``xlim`` x ``ylim``.

    Returns the ``QuadContourSet``. Keywords go to ``ax.contour``.
    """
    x, y = np.meshgrid(np.linspace(*xlim, 90), np.linspace(*ylim, 90))
    style = {"colors": "#9AA5B1", "linewidths": 0.9, "zorder": 1} | kwargs
    drawn = ax.contour(x, y, f(x, y), levels, **style)
    ax.grid(False)
    ax.set(xlim=xlim, ylim=ylim)
    return drawn


def path(ax, points, color=RED, label=None, **kwargs):
    """The way of an iterate, ``points`` of shape (steps, 2): start ringed, every step a dot."""
    points = np.asarray(points)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points has shape {points.shape}, expected (steps, 2)")
    style = {"marker": ".", "markersize": 5, "linewidth": 1.3, "zorder": 3} | kwargs
    ax.plot(*points.T, color=color, label=label, **style)
    ax.plot(*points[0], "o", markersize=8, markerfacecolor="white", markeredgecolor=color, zorder=4)
