"""Data sets and house style."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from sklearn import datasets

from helpers import data, plot


@pytest.fixture
def ax():
    _, ax = plt.subplots()
    yield ax
    plt.close("all")


# --- data ----------------------------------------------------------------------------


def rows(*arrays):
    """The examples as a sorted list: what is in a set, in whatever order."""
    return sorted(map(tuple, np.column_stack(arrays)))


def test_digits():
    split = data.digits()
    assert split.X_train.shape == (1400, 64) and split.X_test.shape == (397, 64)
    assert split.y_train.shape == (1400,) and split.y_test.shape == (397,)
    X, y = datasets.load_digits(return_X_y=True)
    every = np.r_[split.X_train, split.X_test], np.r_[split.y_train, split.y_test]
    assert (
        every[0].min() == 0
        and every[0].max() == 1
        and set(split.y_test) == set(range(10))
    )
    assert rows(*every) == rows(X / 16, y), "each image with its label, each once"


def test_diabetes():
    split = data.diabetes()
    assert split.X_train.shape == (342, 10) and split.y_test.shape == (100,)
    X = np.r_[split.X_train, split.X_test]
    y = np.r_[split.y_train, split.y_test]
    for every in (X, y):
        assert np.allclose(every.mean(0), 0) and np.allclose(every.std(0), 1)
    raw_X, raw_y = datasets.load_diabetes(return_X_y=True)

    body = np.corrcoef(X[:, 2], y)[0, 1]
    assert body == pytest.approx(np.corrcoef(raw_X[:, 2], raw_y)[0, 1])


def test_alice():
    learn, test = data.alice()
    assert learn.startswith("alice was beginning to get very tired of sitting by her ")
    assert test.startswith("curiouser and curiouser cried alice she was so much")
    for text, length in (learn, 10_756), (test, 1_963):
        assert set(text) <= set(" abcdefghijklmnopqrstuvwxyz") and len(text) == length
        assert "  " not in text and text.endswith(" ") and " shes " not in text


@pytest.mark.parametrize("load, size", [(data.digits, 1797), (data.diabetes, 442)])
def test_splits_are_seeded_shuffles_of_the_size_asked(load, size):
    one, two, other = load(), load(), load(seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one.y_train, other.y_train)
    order = np.random.default_rng(0).permutation(size)
    whole = load(n_train=size - 1)
    unshuffled = np.empty(size)
    unshuffled[order] = np.r_[whole.y_train, whole.y_test]
    assert not np.array_equal(unshuffled, np.r_[whole.y_train, whole.y_test])
    small = load(n_train=np.int64(1), seed=0)
    assert len(small.X_train) == len(small.y_train) == 1
    assert len(small.X_test) == len(small.y_test) == size - 1
    assert np.array_equal(small.X_test[:5], one.X_train[1:6]), "the same shuffle"
    for bad in (0, -1, size, "5", 10.5):
        with pytest.raises(ValueError, match=f"n_train.*expected 1 to {size - 1}"):
            load(n_train=bad)


# --- plot ----------------------------------------------------------------------------


def luminance(colour):
    parts = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in to_rgb(colour)
    ]
    return np.dot([0.2126, 0.7152, 0.0722], parts)


def test_the_palette_is_seven_colours_that_show_on_white():
    assert plot.COLOURS == [
        plot.BLUE, plot.ORANGE, plot.GREEN, plot.RED, plot.PURPLE, plot.SKY, plot.GREY,
    ]  # fmt: skip
    assert len({to_rgb(colour) for colour in plot.COLOURS}) == 7
    contrast = [1.05 / (luminance(colour) + 0.05) for colour in plot.COLOURS]
    assert min(contrast) > 2


def test_style_sets_width_colours_and_no_box():
    with plt.rc_context():
        plt.rcdefaults()
        plot.style()
        figure, ax = plt.subplots()
        assert (
            figure.get_size_inches()[0] == plot.WIDTH
            and figure.get_constrained_layout()
        )
        assert (
            not ax.spines["top"].get_visible() and not ax.spines["right"].get_visible()
        )
        assert ax.spines["left"].get_visible()
        assert [ax.plot([0, 1])[0].get_color() for _ in range(7)] == plot.COLOURS
        assert figure.get_facecolor() == (1, 1, 1, 1)
        assert plt.rcParams["font.size"] >= 11 and plt.rcParams["legend.fontsize"] >= 10
        assert (
            plt.rcParams["image.cmap"] == "cividis" and plt.rcParams["axes.axisbelow"]
        )
        assert plt.rcParams["axes.grid"] and not plt.rcParams["legend.frameon"]
        plt.close("all")


def test_contours_are_level_sets_on_the_box(ax):
    drawn = plot.contours(ax, lambda x, y: x**2 + 4 * y**2, (-1, 1.5), (-1, 2), [0.25])
    (curve,) = drawn.get_paths()
    x, y = curve.vertices.T
    assert np.allclose(x**2 + 4 * y**2, 0.25, atol=1e-2)
    assert ax.get_xlim() == (-1, 1.5) and ax.get_ylim() == (-1, 2)
    assert np.allclose(drawn.get_edgecolor()[0][:3], to_rgb("#9AA5B1"))
    assert drawn.get_linewidth()[0] == 0.9 and drawn.get_zorder() == 1
    assert not any(line.get_visible() for line in ax.get_xgridlines())


def test_contours_take_keywords(ax):
    f = lambda x, y: x * y  # noqa: E731
    drawn = plot.contours(ax, f, (-1, 1), (-1, 1), 5, cmap="magma", linewidths=3)
    assert drawn.get_cmap().name == "magma" and drawn.get_linewidth()[0] == 3
    drawn = plot.contours(ax, f, (-1, 1), (-1, 1), 5, colors="red", zorder=9)
    assert (
        np.allclose(drawn.get_edgecolor()[0][:3], (1, 0, 0)) and drawn.get_zorder() == 9
    )
    levels = plot.contours(ax, lambda x, y: x, (0, 1), (0, 1)).levels
    assert 12 <= len(levels) <= 14


def test_path_rings_the_start_and_dots_every_step(ax):
    points = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 6.0]])
    plot.path(ax, points, label="way")
    way, start = ax.get_lines()
    assert np.array_equal(way.get_xydata(), points) and way.get_label() == "way"
    assert way.get_marker() == "." and way.get_color() == plot.RED
    assert np.array_equal(start.get_xydata(), points[:1]) and start.get_marker() == "o"
    assert start.get_markerfacecolor() == "white"
    assert start.get_markeredgecolor() == plot.RED
    assert (
        start.get_zorder() == way.get_zorder() + 1 and start.get_linestyle() == "None"
    )
    assert start.get_label().startswith("_"), "the ring is not in the legend"


def test_path_takes_keywords_by_any_name(ax):
    plot.path(ax, np.zeros((3, 2)), plot.BLUE, lw=3, ms=2, ls="--", zorder=7)
    way, start = ax.get_lines()
    assert way.get_linewidth() == 3 and way.get_markersize() == 2
    assert way.get_linestyle() == "--" and way.get_color() == plot.BLUE
    assert start.get_zorder() == 8 and start.get_markersize() == 8
    assert start.get_markeredgecolor() == plot.BLUE


@pytest.mark.parametrize(
    "points", [np.zeros(3), np.zeros((3, 3)), np.zeros((0, 2)), []]
)
def test_path_wants_points_in_the_plane(ax, points):
    with pytest.raises(ValueError, match="points has shape"):
        plot.path(ax, points)
