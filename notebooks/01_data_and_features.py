# ---
# jupyter:
#   jupytext:
#     cell_markers: '"""'
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
"""
(data-and-features-chapter)=
# Data and features

Four laboratories send you a report each. Eleven measurements $(x,y)$; the mean of $x$ is 9, that of $y$ is 7.50; the variances (divided by $n-1$) are 11 and 4.1; the correlation is 0.82; the best straight line is $y=3+x/2$. The four reports agree. Do the four experiments?
"""

# %% tags=["remove-cell"]
# Colab only: fetch the book's helpers and what Colab lacks. Elsewhere: nothing.
import subprocess
import sys

REPOSITORY = ""  # the book's public address; `make address URL=...` fills it in
if "google.colab" in sys.modules:
    assert REPOSITORY, "set REPOSITORY to the address this notebook comes from"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
    lacking = ["anywidget==0.11.0", "psygnal==0.16.1", "micrograd==0.1.0"]
    lacking += ["mnist1d==0.0.2.post1", "torch_geometric==2.8.1", "xxhash==4.1.0"]
    subprocess.run([*pip, *lacking, f"git+{REPOSITORY}"], check=True)

# %% tags=["set-up"]
import math
import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy import optimize, spatial, stats
from sklearn import datasets, linear_model
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from helpers import (
    data,
    exercise,
    explore,
    headline,
    live,
    plot,
    verify,
    verify_at_least,
    verify_at_most,
    verify_within_se,
)

plot.style()
warnings.simplefilter("ignore", ConvergenceWarning)  # short trainings, on purpose

# 1400 digits to learn from, 397 to test; 64 grey values in [0, 1] each
X_train, y_train, X_test, y_test = data.digits(1400)

same_x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
quartet = np.array(
    [
        [same_x, [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]],
        [same_x, [9.14, 8.14, 8.74, 8.77, 9.26, 8.10, 6.13, 3.10, 9.13, 7.26, 4.74]],
        [same_x, [7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73]],
        [
            [8, 8, 8, 8, 8, 8, 8, 19, 8, 8, 8],
            [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.50, 5.56, 7.91, 6.89],
        ],
    ],
    dtype=float,
).transpose(0, 2, 1)  # (4, 11, 2)


# %% tags=["remove-cell"]
@exercise.define("three-numbers")
def _(answer):
    a = np.asarray(answer, float)
    assert a.shape == (3,), "three numbers"
    assert abs(a - 1.2).min() < 1e-9, "one of them is 1.2"
    assert abs(a.mean()) < 1e-9, f"their mean is {a.mean():.3f}"
    assert abs(np.mean(a**2) - 1) < 1e-9, f"their mean square is {np.mean(a**2):.3f}"
    return True


@exercise.define("bread")
def _(answer):
    y = np.arange(101)
    cost = lambda c: np.mean(np.where(y > c, 3 * (y - c), c - y))
    best = min(cost(c) for c in y)
    assert cost(answer) < best + 1e-9, (
        f"that costs {cost(answer):.2f} a day, {best:.2f} is possible"
    )
    return True


@exercise.define("box")
def _(answer):
    rng = np.random.default_rng(0)
    for s in (np.ones(10), np.array([3.0, 1, 1, 0.5]), np.linspace(0.01, 2, 50)):
        x, z = s * rng.random((2, 200_000, len(s)))
        D2 = ((x - z) ** 2).sum(1)
        assert abs(answer(s) / (D2.std() / D2.mean()) - 1) < 0.02, (
            f"for sides {np.round(s[:3], 2)} … sampling says {D2.std() / D2.mean():.3f}"
        )
    return True


@exercise.define("examples-needed")
def _(answer):
    for d, q in ((400, 0.98), (50, 0.95), (2000, 0.9)):
        s = sum(1 / i for i in range(1, d + 1))
        reached = stats.norm.cdf(s / np.sqrt(s + d / answer(d, q)))
        assert abs(reached - q) < 1e-9, (
            f"with d = {d} your n reaches {reached:.4f}, not {q}"
        )
    return True


@exercise.define("rings")
def _(answer):
    x, y = np.random.default_rng(0).uniform(-6, 6, (2, 5000))
    r = np.hypot(x, y)
    clear = abs(r - np.round(r)) > 1e-6
    wrong = np.mean((answer(x, y) > 0)[clear] != (np.floor(r) % 2 == 0)[clear])
    assert wrong == 0, f"{wrong:.0%} of the plane is on the wrong side"
    return True


@exercise.define("trust")
def _(answer):
    for delta, v in ((0.0, 1.0), (0.3, 2.0), (5.0, 0.1)):
        w = optimize.minimize_scalar(lambda w: w**2 * delta**2 + (1 - w) ** 2 * v).x
        assert abs(answer(delta, v) - w) < 1e-5, f"wrong for δ = {delta}, v = {v}"
    return True


@exercise.define("noisy-labels")
def _(answer):
    rng = np.random.default_rng(0)
    truth = rng.integers(10, size=400_000)
    other = lambda rate: np.where(
        rng.random(len(truth)) < rate,
        (truth + rng.integers(1, 10, len(truth))) % 10,
        truth,
    )
    for a, q in ((0.9, 0.1), (0.6, 0.3)):
        p = np.mean(other(1 - a) == other(q))
        assert abs(answer(p, q) - a) < 0.01, (
            f"a classifier right on {a} agrees with {p:.3f} of labels wrong by {q}"
        )
    return True


@exercise.define("df-match")
def _(answer):
    Z = np.random.default_rng(30).exponential(size=(50, 3))
    C = np.array([[2.0, 0.3, 0], [0.3, 1.0, -0.2], [0, -0.2, 0.5]])
    said = answer(Z, np.array([1.0, 2.0, 3.0]), C)
    assert np.allclose(said.mean(0), [1, 2, 3]), "the mean is not as asked"
    assert np.allclose(np.cov(said.T), C), "the covariance is not as asked"
    with_ones = np.c_[Z, np.ones(50)]
    left = said - with_ones @ np.linalg.lstsq(with_ones, said, rcond=None)[0]
    assert abs(left).max() < 1e-8, "it is no map of the form x ↦ Ax + b of the cloud"
    return True


@exercise.define("df-equator")
def _(answer):
    for d in (3, 100):
        u = np.random.default_rng(31).normal(size=(200_000, d))
        share = np.mean(abs(u[:, 0] / np.linalg.norm(u, axis=1)) < 0.1)
        assert abs(answer(d) - share) < 0.005, (
            f"in {d} dimensions sampling says {share:.3f}"
        )
    return True


@exercise.define("df-moons")
def _(answer):
    W, b = (np.asarray(a, float) for a in answer)
    assert W.shape == (2, 4) and b.shape == (4,), "W is (2, 4), b is (4,)"
    x, y = datasets.make_moons(1500, noise=0.15, random_state=0)
    view = np.tanh(x @ W + b)
    model = linear_model.LogisticRegression(C=100, max_iter=2000)
    share = model.fit(view[:500], y[:500]).score(view[500:], y[500:])
    assert share >= 0.97, f"{share:.1%} of new points are named rightly"
    return True


@exercise.define("df-control")
def _(answer):
    rng = np.random.default_rng(32)
    who = np.repeat(np.arange(40), 10)
    recordings = rng.normal(size=(40, 20))[who] + 0.5 * rng.normal(size=(400, 20))
    sick = rng.permutation(np.repeat([0, 1], 20))[who]
    throws = [np.asarray(answer(sick.copy(), who.copy(), rng)) for _ in range(60)]
    assert all(t.shape == (400,) for t in throws), "a name for each recording"
    assert all(t.sum() == sick.sum() for t in throws), "as many sick as before"
    agree = np.mean([np.mean(t == sick) for t in throws])
    assert abs(agree - 0.5) < 0.1, f"your names agree with the true ones on {agree:.0%}"
    cv = KFold(5, shuffle=True, random_state=0)
    named = cross_val_predict(KNeighborsClassifier(1), recordings, throws[0], cv=cv)
    share = np.mean(named == throws[0])
    assert share > 0.9, (
        f"names dealt by you, nothing to learn about sickness: {share:.0%} right. The"
        " score looks earned. Yet these recordings were made without regard to sickness"
    )
    return True


@exercise.define("df-anneal")
def _(answer):
    Z = np.asarray(answer, float)
    assert Z.ndim == 2 and Z.shape[1] == 2 and len(Z) >= 50, "at least 50 points (n, 2)"
    said = np.r_[Z.mean(0), Z.var(0, ddof=1), np.corrcoef(Z.T)[0, 1]]
    wanted = np.array([9, 7.5, 11, 4.125, 0.8164])
    assert np.allclose(said, wanted, atol=1e-3), f"the report says {np.round(said, 3)}"
    return True


# %% tags=["picture"] mystnb={"image": {"alt": "Four scatter plots with the same straight line: a noisy line, a clean arch, a clean line with one outlier, and a vertical stack with one point far to the right."}}
fig, axes = plt.subplots(1, 4, figsize=(6.8, 2.2), sharex=True, sharey=True)
for ax, name, Z in zip(axes, ("I", "II", "III", "IV"), quartet):
    ax.plot([3, 20], [4.5, 13], color=plot.GREY, lw=1)
    ax.plot(*Z.T, "o", ms=4.5, color=plot.BLUE)
    ax.set(title=name, xlabel="$x$", xticks=[5, 10, 15, 20])
axes[0].set_ylabel("$y$")
plt.show()

# %% [markdown]
r"""
(anscombe-quartet)=
A noisy line; a curve; a clean line with one mistake; and no relation at all, only one point that decides everything {cite:p}`anscombe1973`. Each report was right.

Between the world and a trained model stand data, and what goes wrong there no model mends. The chapter in four sentences: **a summary hides, dimension hides, representation reveals, collection misleads.** You will be able to

- **make** data that look as you like and share every number of a report,
- **predict** distances and angles in a thousand dimensions, and say why learning works there all the same,
- **tell** when more features hurt, and what a change of coordinates or a prior is worth, in examples saved,
- **catch** a data set that misleads, by a control that could have refuted you.

It needs school mathematics and a little Python. Links lead to what later chapters explain. Reading takes an hour and a quarter.
"""


# %% tags=["checks"]
def report(Z):
    """Means, variances, correlation, offset and slope of the best line."""
    fitted = stats.linregress(*Z.T)
    line = [fitted.rvalue, fitted.intercept, fitted.slope]
    return np.r_[Z.mean(0), Z.var(0, ddof=1), line]


verify(
    "the four reports: means, variances, correlation, line",
    [report(Z) for Z in quartet],
    np.tile([9, 7.50, 11, 4.12, 0.816, 3.00, 0.50], (4, 1)),
    atol=0.01,
    source="anscombe1973",
)

# %% [markdown]
r"""
(summary-hides)=
## A summary hides

(look-at-the-data)=
A learner sees the world through summaries: averages, accuracies, a loss. What do they leave out? Begin with four numbers. The list $-1,-1,1,1$ has the mean 0 and the mean square 1. So has $-\sqrt2,0,0,\sqrt2$. And so has *any* list (not all equal) after two steps: subtract the mean, divide by the standard deviation. From $2,3,3,8$ subtract 4: $-2,-1,-1,4$ has the mean square $22/4=5.5$; divide by $\sqrt{5.5}$. Mean and deviation are no facts about a shape. They are a place and a unit.

(moment-matched-clouds-datasaurus)=
**The same in the plane.** Let $(x,y)$ run through the points of a cloud whose means have been subtracted. Three averages are left in the report: $a=\overline{x^2}$, $b=\overline{xy}$, $c=\overline{y^2}$. Undress the cloud:

$$
u=\frac x{\sqrt a},\qquad v=\frac{y-\frac ba\,x}{\sqrt{c-b^2/a}} .
$$ (eq-df-whiten)

Clearly $\overline{u^2}=1$. Next, $\overline{x\,(y-\frac bax)}=b-\frac baa=0$, so $\overline{uv}=0$. And $\overline{(y-\frac bax)^2}=c-2\frac{b^2}a+\frac{b^2}a=c-\frac{b^2}a$, so $\overline{v^2}=1$. Only a cloud on a straight line escapes: there one of the two denominators is zero. The pairs $(u,v)$ have no correlation and no scale left; such a cloud is called *white*. Now dress it in any report, means $m$, deviations $s$, correlation $r$:

$$
x'=m_x+s_x\,u,\qquad y'=m_y+s_y\bigl(r\,u+\sqrt{1-r^2}\,v\bigr).
$$ (eq-df-match)

The averages again: $s_x^2$, then $s_y^2\,(r^2+1-r^2)=s_y^2$, and for the product $s_xs_y\,r$. *Every* cloud that does not lie on a line can be given *every* report with $-1<r<1$. (In any dimension this is a [Cholesky factor](#eq-la-cholesky).)
"""


# %%
def whiten(Z):  # (n, 2)
    x, y = (Z - Z.mean(0)).T
    a, b, c = np.mean(x * x), np.mean(x * y), np.mean(y * y)
    return np.c_[x / a**0.5, (y - b / a * x) / (c - b**2 / a) ** 0.5]


def dress(Z, mean, sd, r):
    u, v = whiten(Z).T
    return mean + sd * np.c_[u, r * u + (1 - r**2) ** 0.5 * v]


# %% tags=["picture"] mystnb={"image": {"alt": "Five clouds of points with equal means, deviations and correlation: a cross, a parabola, an ellipse, a five-pointed star and a shapeless blob."}}
around = 2 * np.pi * np.arange(400) / 400
spikes = 0.4 + 0.6 * abs((5 * around / np.pi) % 2 - 1)  # from tip to notch and back
rng = np.random.default_rng(1)
raw_shapes = {
    "cross": np.where(
        np.arange(400)[:, None] % 2,
        np.c_[around - np.pi, 0 * around],
        np.c_[0 * around, around - np.pi],
    ),
    "parabola": np.c_[around - np.pi, (around - np.pi) ** 2],
    "ring": np.c_[np.cos(around), np.sin(around)],
    "star": spikes[:, None] * np.c_[np.cos(around), np.sin(around)],
    "blob": rng.normal(size=(400, 2)),
}
shapes = {
    name: dress(Z + 0.02 * rng.normal(size=(400, 2)), [9, 7.5], [3.3, 2.0], 0.3)
    for name, Z in raw_shapes.items()
}
fig, axes = plt.subplots(1, 5, figsize=(6.8, 1.8), sharex=True, sharey=True)
for ax, (name, Z) in zip(axes, shapes.items()):
    ax.plot(*Z.T, ".", ms=2, color=plot.BLUE)
    ax.set(title=name, xticks=[], yticks=[])
    ax.grid(False)
plt.show()

# %% tags=["checks"]
verify(
    "five clouds: means, deviations and correlation as ordered",
    [np.r_[Z.mean(0), Z.std(0), np.corrcoef(Z.T)[0, 1]] for Z in shapes.values()],
    np.tile([9, 7.5, 3.3, 2.0, 0.3], (5, 1)),
    atol=1e-12,
)
skewed = np.random.default_rng(2).exponential(size=(60, 2)) @ np.array([[1, 2], [0, 1]])
verify(
    "white is what the inverse Cholesky factor makes",
    whiten(skewed),
    (skewed - skewed.mean(0))
    @ np.linalg.inv(np.linalg.cholesky(np.cov(skewed.T, ddof=0))).T,
    atol=1e-12,
)

# %% [markdown]
r"""
The famous demonstration turns a dinosaur into twelve other drawings {cite:p}`matejka2017`. Here a blob becomes a fish: mix the two point by point, and dress every mixture in the fish's report.
"""


# %% tags=["picture"]
def draw_fish():
    """150 points on the outline of a fish."""
    t = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    tail = np.array([[6.7, 3], [8, 4.3], [8, 1.7], [6.7, 3]])
    along = np.linspace(0, 3, 42, endpoint=False)
    edges = np.c_[[np.interp(along, range(4), tail[:, k]) for k in (0, 1)]].T
    eye = np.c_[3.3 + 0.15 * np.cos(t[::8]), 3.4 + 0.15 * np.sin(t[::8])]
    return np.r_[np.c_[4.6 + 2.2 * np.cos(t), 3 + 1.1 * np.sin(t)], edges, eye]


fish = draw_fish()
fish_report = fish.mean(0), fish.std(0), np.corrcoef(fish.T)[0, 1]
school = dress(np.random.default_rng(3).normal(size=(150, 2)), *fish_report)
partner = optimize.linear_sum_assignment(spatial.distance.cdist(school, fish))[1]


def mixture(share):
    return dress((1 - share) * school + share * fish[partner], *fish_report)


def swim(percent):
    Z = mixture(percent / 100)
    fig, (ax, text) = plt.subplots(1, 2, figsize=(6.8, 3.0), width_ratios=(3, 1))
    ax.plot(*Z.T, ".", ms=5, color=plot.BLUE)
    ax.set(xlim=(1, 9), ylim=(0.4, 5.4), aspect="equal", title=f"{percent} % fish")
    text.axis("off")
    numbers = np.r_[Z.mean(0), Z.std(0), np.corrcoef(Z.T)[0, 1]]
    names = ("mean $x$", "mean $y$", "dev. $x$", "dev. $y$", "corr.")
    lines = [f"{name}  {v:.6f}" for name, v in zip(names, numbers)]
    text.text(0, 0.5, "\n".join(lines), va="center", fontsize=10.5, linespacing=1.8)
    return fig


explore(
    swim,
    alt="A shapeless cloud of points that turns into the outline of a fish, while the five numbers printed beside it stay the same to the last digit",
    percent=[100, 0, 20, 40, 60, 80],
)

# %% tags=["checks"]
verify(
    "blob to fish, eleven stages: the five numbers",
    [
        np.r_[Z.mean(0), Z.std(0), np.corrcoef(Z.T)[0, 1]]
        for Z in map(mixture, np.linspace(0, 1, 11))
    ],
    np.tile(np.r_[fish_report], (11, 1)),
    atol=1e-12,
)

# %% [markdown]
r"""
**Hold one point yourself.** Drag any point where you like. The others move, all by one map $(x,y)\mapsto(p+qx,\;t+ux+wy)$, so that the report of the whole stays. Pull a point away from the rest: what do the others do, and where does it stop?
"""


# %% tags=["picture"]
def hold(state):
    """The cloud with one point held elsewhere, the report unchanged, (n, 2)."""
    Z, k, n = np.array(state["points"]), state["held"], len(state["points"])
    mean, scatter = Z.mean(0), n * np.cov(Z.T, ddof=0)
    away = np.array(state["at"]) - mean
    far = n * away @ np.linalg.solve(scatter, away)
    away = away * min(1, 0.995 * math.sqrt((n - 1) / far))  # setting
    others = np.delete(Z, k, axis=0)
    left = scatter - n / (n - 1) * np.outer(away, away)
    new, old = (
        np.linalg.cholesky(S) for S in (left, (n - 1) * np.cov(others.T, ddof=0))
    )
    moved = (
        mean
        - away / (n - 1)
        + (others - others.mean(0)) @ np.linalg.solve(old.T, new.T)
    )
    return np.insert(moved, k, mean + away, axis=0)


twelve = 2 * np.pi * np.arange(12) / 12
crossed = np.array([-5, -3, -1, 1, 3, 5.0])
to_hold = {
    "I": quartet[0],
    "II": quartet[1],
    "III": quartet[2],
    "ring": dress(np.c_[np.cos(twelve), np.sin(twelve)], [9, 7.5], [3.16, 1.94], 0.0),
    "cross": dress(
        np.r_[np.c_[crossed, crossed], np.c_[crossed, -crossed]],
        [9, 7.5],
        [3.16, 1.94],
        0.0,
    ),
}


def random_hold(rng):
    Z = to_hold[list(to_hold)[rng.integers(len(to_hold))]]
    at = Z.mean(0) + Z.std(0) * rng.uniform(-4, 4, 2)
    return {"points": Z.tolist(), "held": int(rng.integers(len(Z))), "at": at.tolist()}


def held_picture():
    fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.3), sharex=True, sharey=True)
    factor = np.linalg.cholesky(np.cov(quartet[1].T, ddof=0))
    circle = np.c_[np.cos(around), np.sin(around)].T
    border = quartet[1].mean(0)[:, None] + math.sqrt(11 - 1) * factor @ circle
    for ax, x in zip(axes, (9, 11.5, 18.9)):
        state = {"points": quartet[1].tolist(), "held": 3, "at": [x, 6.0]}
        Z = hold(state)
        ax.plot([0, 20], [3, 13], color=plot.GREY, lw=1)
        ax.plot(*border, ":", color=plot.GREY)
        ax.plot(*np.delete(Z, 3, axis=0).T, "o", ms=5, color=plot.BLUE)
        ax.plot(*Z[3], "o", ms=7, color=plot.RED)
        stopped = x - Z[3, 0] > 1e-9
        ax.set(xlabel="$x$", title=f"to $x={x}$" + (": it stops" if stopped else ""))
    return fig


rng = np.random.default_rng(4)
live(
    "summary",
    {"clouds": {name: Z.tolist() for name, Z in to_hold.items()}},
    still=held_picture(),
    states=[random_hold(rng) for _ in range(20)],
    truth=hold,
    alt="A cloud of eleven or twelve points of which any can be dragged; the others move so that both means, both deviations and the correlation stay the same to ten digits, while other numbers such as the median change; the held point cannot leave a dotted ellipse",
)

# %% [markdown]
r"""
The others huddle together, and at the dotted curve the journey ends. Why there? Take one coordinate, in units in which the $n$ values have mean 0 and mean square 1, and hold one of them at $z$. The others have the sum $-z$ and the squares' sum $n-z^2$. A mean of squares is never below the square of the mean (the difference is a variance), so

$$
\frac{n-z^2}{n-1}\ge\Bigl(\frac z{n-1}\Bigr)^2,\qquad\text{that is,}\qquad |z|\le\sqrt{n-1},
$$ (eq-df-samuelson)

with equality only if all the others coincide {cite:p}`samuelson1968`. In the plane every $\alpha u+\beta v$ of white coordinates with $\alpha^2+\beta^2=1$ has mean 0 and mean square 1, too. So no point leaves the circle of radius $\sqrt{n-1}$ there; dressed again, the circle is the dotted curve. Anscombe's fourth set has $x=19$, ten above the mean, and the mean square of $x-9$ is $(10\cdot1+100)/11=10$. So $z=10/\sqrt{10}=\sqrt{10}$: the limit for eleven points. Had the report added "the largest $x$ is 19", it would have told that all the others are equal.

**Which number would have told?** Four more for each set: the median, the rank correlation (of the places in the order), the largest $|z|$, and how much a parabola takes away from what the line leaves over.
"""

# %% tags=["set-up"]
print("set   median y   rank corr.   largest z   parabola removes")
for name, Z in zip(("I", "II", "III", "IV"), quartet):
    x, y = Z.T
    left = [
        np.sum((np.polyval(np.polyfit(x, y, k), x) - y) ** 2)
        for k in (1, min(2, len(set(x)) - 1))
    ]
    z = (abs(x - x.mean()) / x.std()).max()
    print(
        f"{name:4s}{np.median(y):10.2f}{stats.spearmanr(x, y).statistic:12.2f}"
        f"{z:12.3f}{100 * (1 - left[1] / left[0]):16.1f} %"
    )

# %% [markdown]
r"""
The parabola gives the second set away, the largest $z$ the fourth, and the third its rank correlation: if the order is almost perfect, why is the correlation only 0.82? Each number knows one thing. No list fixed beforehand knows all ($n$ numbers are given away by the averages of their first $n$ powers, but then the list grows with the data):

**Every finite list of averages has a blind spot.** Let the report be the averages of any $K$ functions. Take more than $K+1$ places on the line and look for weights $w$ on the places, not all zero, with total weight zero and with every weighted sum of the $K$ functions zero. These are $K+1$ linear equations with more unknowns than equations, so there is a solution. Its positive and its negative part, scaled to total one, are two different distributions with the same report, and they have *no place in common*. For mean and mean square on the places $0,1,2,3$ the weights are $1,-3,3,-1$. So $0,2,2,2$ and $1,1,1,3$ share mean $\frac32$ and mean square 3. For the first $K$ powers of $x$ the weights are the binomial coefficients with alternating signs.
"""


# %% tags=["picture"]
def twins(K):
    """Two lists of whole numbers that share the averages of x, x², …, x^K."""
    places = np.arange(K + 2)
    times = [math.comb(K + 1, int(j)) for j in places]
    return [np.repeat(places[k::2], times[k::2]) for k in (0, 1)]


def strangers(powers):
    fig, ax = plt.subplots(figsize=(6.8, 2.4))
    for values, colour, name in zip(twins(powers), (plot.BLUE, plot.RED), "AB"):
        place, count = np.unique(values, return_counts=True)
        ax.bar(place, count / len(values), 0.8, color=colour, label=f"data set {name}")
    shared = "mean" if powers == 1 else f"averages of $x$ … $x^{{{powers}}}$"
    ax.set(
        xlim=(-0.7, 10.7),
        ylim=(0, 1),
        xticks=range(11),
        ylabel="share",
        title=f"{len(values)} numbers each, the same {shared}",
    )
    ax.legend()
    return fig


explore(
    strangers,
    alt="Bars of two data sets on whole numbers, one on the even and one on the odd places; they share as many averages of powers as the slider says and have no value in common, 512 numbers each at nine powers",
    powers=[2, 1, 3, 4, 6, 9],
)

# %% tags=["checks"]
for_twins = [
    [sum(int(v) ** k for v in side) for k in range(1, 10)] for side in twins(9)
]
verify("nine sums of powers of two lists of 512, in whole numbers", *for_twins, atol=0)
verify(
    "their tenth powers tell them apart: the sums differ by ten factorial",
    abs(np.subtract(*[sum(int(v) ** 10 for v in side) for side in twins(9)])),
    math.factorial(10),
    atol=0,
)
numbers = [0, 1, 3, 7, 8]
powers = [float(sum(v**k for v in numbers)) for k in range(1, 6)]
factors = [1.0]  # of ∏(x - number), from the sums of powers (Newton)
for k in range(1, 6):
    factors.append(-sum(factors[k - j] * powers[j - 1] for j in range(1, k + 1)) / k)
verify("five numbers from five sums", sorted(np.roots(factors)), numbers, atol=1e-6)
z_pulled = [
    hold({"points": Z.tolist(), "held": 0, "at": [1e6, 7.5]}) for Z in quartet[:3]
]
verify(
    "a point of eleven, pulled a million to the right: where it stops, in deviations",
    [
        math.sqrt(v @ np.linalg.solve(np.cov(Z.T, ddof=0), v))
        for Z in z_pulled
        for v in [Z[0] - Z.mean(0)]
    ],
    np.full(3, 0.995 * math.sqrt(10)),
    rtol=1e-9,
)
verify(
    "Anscombe's IV: its outlier, by scipy, at the limit for eleven",
    stats.zscore(quartet[3][:, 0]).max(),
    math.sqrt(11 - 1),
    rtol=1e-12,
)

# %% [markdown]
r"""
**Try it.** Give three numbers with mean 0 and mean square 1, one of which is 1.2. (And why could none of them be 1.5?)
"""

# %% tags=["yours"]
three_numbers = ...  # a list of three numbers

exercise("three-numbers").check(three_numbers)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The other two have sum $-1.2$, so they are $-0.6\pm d$ with $2\,(0.36+d^2)=3-1.44$, hence $d^2=0.42$. The limit for three numbers is $\sqrt2<1.5$.

```python
d = 0.42**0.5
three_numbers = [1.2, -0.6 - d, -0.6 + d]
```

</details>
"""

# %% [markdown]
r"""
(ml-task-taxonomy)=
## What is asked of data

The same data pose many problems. Four flats of 50, 60, 80, 90 square metres are let for 500, 620, 780, 900 a month. What can be asked?

| task | given | asked | of the flats |
|---|---|---|---|
| classification | an example | one of a few names | dear or cheap? |
| regression | an example | a number | the rent of 70 m² |
| [missing inputs](#classification-with-missing-inputs) | a part of it | the name all the same | dear or cheap, area unknown |
| [imputation](#missing-value-imputation) | a part of it | the rest | a lost entry |
| [structured output](#structured-output) | an example | numbers that belong together | rent, heating and deposit |
| [transcription](#transcription-task) | something unordered | a sequence of symbols | a photographed advertisement |
| [denoising](#denoising-task) | a spoilt example | the clean one | typing errors |
| [anomaly detection](#anomaly-detection) | an example | how unusual? | 55 m² for 1500? |
| [synthesis](#synthesis-and-sampling) | nothing, or a name | a new example | invent a flat |

Each is a choice of what goes in, what comes out, and a *loss* that says how bad an answer is; the examples come from a distribution that nobody sees. Five of them on one handwritten digit, all with simple tools (details on the shelf):
"""


# %% tags=["picture"] mystnb={"image": {"alt": "Five small pairs of pictures of digits, what is given above and the answer below: an image and its name, an image with holes and the holes filled, an upper half and a guessed lower half, a noisy image and a cleaned one, and nothing and a drawn seven."}}
def many_answers():
    rng = np.random.default_rng(6)
    mean = X_train.mean(0)
    S = np.cov(X_train.T) + 1e-3 * np.eye(64)
    x = X_test[5]
    hidden = rng.random(64) < 0.5
    guess = np.where(hidden, mean, x)
    seen = S[np.ix_(~hidden, ~hidden)]
    guess[hidden] += S[np.ix_(hidden, ~hidden)] @ np.linalg.solve(
        seen, (x - mean)[~hidden]
    )
    upper = linear_model.Ridge(1.0).fit(X_train[:, :32], X_train[:, 32:])
    halves = np.r_[x[:32], upper.predict(x[None, :32])[0]]
    spoilt = x + 0.25 * rng.normal(size=64)
    axes16 = PCA(16).fit(X_train)
    clean = axes16.inverse_transform(axes16.transform(spoilt[None]))[0]
    sevens = axes16.transform(X_train[y_train == 7])
    drawn = axes16.inverse_transform(
        rng.multivariate_normal(sevens.mean(0), np.cov(sevens.T), 1)
    )[0]
    nobody = np.full(64, np.nan)
    named = linear_model.LogisticRegression(max_iter=300).fit(X_train, y_train)
    return {
        "classify": (x, str(named.predict(x[None])[0])),
        "fill": (np.where(hidden, np.nan, x), guess),
        "complete": (np.r_[x[:32], nobody[32:]], halves),
        "denoise": (spoilt, clean),
        "draw a 7": (nobody, drawn),
    }


answers = many_answers()
fig, axes = plt.subplots(2, 5, figsize=(6.8, 2.9))
for column, (name, pair) in zip(axes.T, answers.items()):
    column[0].set_title(name)
    for ax, shown in zip(column, pair):
        ax.set(xticks=[], yticks=[], facecolor="#E8B7A0")
        ax.grid(False)
        if isinstance(shown, str):
            ax.set_facecolor("white")
            ax.text(0.5, 0.5, shown, fontsize=34, ha="center", va="center")
        else:
            ax.imshow(shown.reshape(8, 8), cmap="Greys", vmin=0, vmax=1)
axes[0, 0].set_ylabel("given")
axes[1, 0].set_ylabel("answer")
plt.show()

# %% [markdown]
r"""
**What does somebody score who does not look?** Without this number no other means anything. Under squared error the best answer that ignores the input is the mean, since for every constant $c$

$$
\overline{(y-c)^2}=\overline{(y-\bar y)^2}+(\bar y-c)^2
$$ (eq-df-baseline)

(write $y-c=(y-\bar y)+(\bar y-c)$; the mixed term has the mean 0). What is left is the variance. The rents have the mean 700 and the deviations $-200,-80,80,200$: variance 23,200. Whoever predicts rents with that error has learnt nothing; the share by which a model does better is its $R^2$, the *explained variance*. For absolute errors the best constant is the median, for names the commonest.
"""


# %%
def explained(y, guess):
    """R²: 1 is perfect, 0 is no better than the mean, below 0 worse."""
    return 1 - np.mean((y - guess) ** 2) / np.mean((y - y.mean(0)) ** 2)


# %% tags=["set-up"]
def vote(A, B, k=15):
    """Accuracy on the test digits B of the k nearest of the training digits A."""
    return KNeighborsClassifier(k).fit(A, y_train).score(B, y_test)


commonest = np.mean(y_test == np.bincount(y_train).argmax())
logistic = linear_model.LogisticRegression(max_iter=300).fit(X_train, y_train)
name_it = logistic.predict(X_test)
ink_left = lambda X: X.reshape(-1, 8, 8)[:, :, :3].sum((1, 2))
rest = lambda X: X.reshape(-1, 8, 8)[:, :, 3:].reshape(len(X), -1)
ink_guess = (
    linear_model.Ridge(1.0).fit(rest(X_train), ink_left(X_train)).predict(rest(X_test))
)
half_guess = (
    linear_model.Ridge(1.0)
    .fit(X_train[:, :32], X_train[:, 32:])
    .predict(X_test[:, :32])
)
jobs = {
    "ink on the left from the rest, R²": (rest, ink_left, ink_guess),
    "lower half from the upper, R²": (
        lambda X: X[:, :32],
        lambda X: X[:, 32:],
        half_guess,
    ),
}
print(f"{'':36s}not looking   linear   1 nearest   15 nearest")
scores = [commonest, np.mean(name_it == y_test)]
scores += [vote(X_train, X_test, k) for k in (1, 15)]
print(
    "{:36s}{:8.2f}{:12.2f}{:10.2f}{:12.2f}".format(
        "name of the digit, share right", *scores
    )
)
for name, (seen, asked_for, linear_guess) in jobs.items():
    target, guesses = asked_for(X_test), [asked_for(X_train).mean(0), linear_guess]
    for k in (1, 15):
        near = KNeighborsRegressor(k).fit(seen(X_train), asked_for(X_train))
        guesses.append(near.predict(seen(X_test)))
    scores = [explained(target, guess) for guess in guesses]
    print("{:36s}{:8.2f}{:12.2f}{:10.2f}{:12.2f}".format(name, *scores))

# %% [markdown]
r"""
Not looking scores 0 (or a trace below, since its mean is that of the *training* digits). Somebody who only *remembers*, and answers with the average of the fifteen nearest examples, beats the fitted formula where numbers are asked and draws with it where a name is.
"""

# %% tags=["checks"]
rents = np.array([500.0, 620, 780, 900])
scan = np.linspace(400, 1000, 6001)
verify(
    "rents: the best of 6,001 constants and its squared error",
    [
        scan[np.argmin(((rents[:, None] - scan) ** 2).mean(0))],
        ((rents[:, None] - scan) ** 2).mean(0).min(),
    ],
    [rents.mean(), 2 * (200**2 + 80**2) / 4],
    atol=1e-6,
)
from_library = linear_model.Ridge(1.0).fit(rest(X_train), ink_left(X_train))
verify(
    "explained variance, as the library counts it",
    explained(ink_left(X_test), ink_guess),
    from_library.score(rest(X_test), ink_left(X_test)),
    rtol=1e-9,
)
lead = {}
for job, (seen, asked_for, linear_guess) in jobs.items():
    near15 = KNeighborsRegressor(15).fit(seen(X_train), asked_for(X_train))
    target = asked_for(X_test).reshape(397, -1)
    loss = [
        ((target - guess.reshape(397, -1)) ** 2).mean(1)
        for guess in (linear_guess, near15.predict(seen(X_test)))
    ]
    lead[job] = loss[0] - loss[1]
verify_at_least(
    "fifteen nearest ahead of the fitted formula: paired, in standard errors",
    [v.mean() / (v.std(ddof=1) / math.sqrt(397)) for v in lead.values()],
    4.0,
)
by_vote = KNeighborsClassifier(15).fit(X_train, y_train).predict(X_test)
verify_within_se(
    "names: formula minus fifteen nearest, paired",
    (name_it == y_test) * 1.0 - (by_vote == y_test),
    0.0,
)
shuffled_half = linear_model.Ridge(1.0).fit(
    np.random.default_rng(7).permutation(X_train[:, :32]), X_train[:, 32:]
)
verify_at_most(
    "control, upper halves dealt to other digits: explained variance",
    explained(X_test[:, 32:], shuffled_half.predict(X_test[:, :32])),
    0.0,
)

# %% [markdown]
r"""
**Try it.** You order bread for a shop. The demand $y$ is any of $0,1,\dots,100$ with equal chances, whatever you know. A loaf too few costs you 3, a loaf too many 1. Which constant is best?
"""

# %% tags=["yours"]
order = ...  # a number of loaves

exercise("bread").check(order)

# %% [markdown]
r"""
<details><summary>Solution</summary>

One loaf more costs 1 if it is left over and saves 3 if it is sold. It pays as long as the chance that it is sold is above $\frac14$: order up to the point that three quarters of the days do not exceed. The loss decides which summary of $y$ is asked for: mean, median, or a quantile.

```python
order = 75
```

</details>
"""

# %% [markdown]
r"""
(dimension-hides)=
## Dimension hides

(image-as-point)=
A grey image of $w\times h$ pixels is *one point* of the cube $[0,1]^{wh}$, a colour image one of $[0,1]^{3wh}$; a data set is a cloud there. How much of the cube do pictures fill? Nobody has seen it, but one can look at its smallest relatives: "images" of one, two and three neighbouring pixels, cut out of a photograph.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Left a histogram of grey values, middle pairs of neighbouring pixels as points close to the diagonal of the square, right triples as a cloud along the diagonal of the cube."}}
photo = datasets.load_sample_image("china.jpg").mean(2) / 255  # (427, 640)
rng = np.random.default_rng(8)
row, column = rng.integers(427, size=3000), rng.integers(638, size=3000)
triples = photo[row[:, None], column[:, None] + np.arange(3)]  # (3000, 3)
fig = plt.figure(figsize=(6.8, 2.5))
axes = [
    fig.add_subplot(1, 3, k, projection="3d" if k == 3 else None) for k in (1, 2, 3)
]
axes[0].hist(triples[:, 0], 40, color=plot.BLUE)
axes[1].plot(*triples[:, :2].T, ".", ms=2, color=plot.BLUE)
axes[2].plot(*triples[:1000].T, ".", ms=2, color=plot.BLUE)
for ax, k in zip(axes, (1, 2, 3)):
    ax.set(title=f"{k} × 1 images", xticks=[0, 1], yticks=[] if k == 1 else [0, 1])
axes[1].set(aspect="equal")
axes[2].set(zticks=[0, 1])
plt.show()

# %% [markdown]
r"""
Photographs do not fill their cube: neighbouring pixels are nearly equal. This will save us.

(curse-of-dimensionality-sampling)=
**There are never enough points.** Ten points cover an interval at a resolution of one tenth. A square takes a hundred, and the cube $[0,1]^d$ takes $10^d$. Turn it around: throw a thousand points at random. Each misses a given one of the $10^d$ boxes with probability $1-10^{-d}$, so all miss it with probability $(1-10^{-d})^{1000}$. In three dimensions 63 % are hit, in six one in a thousand:
"""


# %%
def boxes_hit(n, d, rng):
    points = rng.random((n, d))
    return len(np.unique((10 * points).astype(int), axis=0)) / 10**d


# %% tags=["set-up"]
rng = np.random.default_rng(9)
box_dims = [1, 2, 3, 4, 6]
hits = np.array([[boxes_hit(1000, d, rng) for d in box_dims] for _ in range(20)])
edges = np.linalg.qr(rng.normal(size=(20, 2)))[0]  # two directions in R^20
nearest = {}
for d in (2, 5, 20):
    cube, asked = rng.random((1000, d)), rng.random((200, d))
    nearest[f"cube, {d} dimensions"] = spatial.cKDTree(cube).query(asked)[0].mean()
sheet, asked = rng.random((1000, 2)) @ edges.T, rng.random((200, 2)) @ edges.T
nearest["flat sheet in 20 dimensions"] = spatial.cKDTree(sheet).query(asked)[0].mean()
print("dimensions                 ", *(f"{d:7d}" for d in box_dims))
print("share of boxes hit, mean   ", *(f"{v:7.4f}" for v in hits.mean(0)))
print("\nnearest of a thousand points, mean distance")
for name, value in nearest.items():
    print(f"   {name:28s}{value:.3f}")

# %% [markdown]
r"""
The last line is the control. The points of a flat sheet have twenty coordinates each, and their neighbours are as near as in the plane. What counts is not how many numbers an example has, but in how many directions it can *move*.

**Nobody is in the middle.** The part of the cube that is farther than $0.05$ from every face has the share $0.9^d$: one point in 38,000 in a hundred dimensions. Who answers a new question there stands nearly always at the border.
"""

# %% tags=["checks"]
expected_hits = 1 - (1 - 10.0 ** -np.array(box_dims)) ** 1000
for k in (2, 3, 4):
    verify_within_se(
        f"boxes hit by a thousand points in {box_dims[k]} dimensions",
        hits[:, k],
        expected_hits[k],
    )
verify("in one and two dimensions", hits[:, :2].mean(0), expected_hits[:2], atol=2e-4)
at_the_border = abs(np.random.default_rng(70).random((20_000, 20)) - 0.5).max(1) > 0.45
verify_within_se(
    "twenty dimensions: share within 0.05 of a face", at_the_border, 1 - 0.9**20
)
verify("a hundred: how many points for one inside", 1 / 0.9**100, 38_000, rtol=0.01)
# For a plane without border the mean is 1 / (2 √n); the border adds a little.
verify(
    "nearest on the sheet and in the square, against half the root of 1/n",
    [nearest["flat sheet in 20 dimensions"], nearest["cube, 2 dimensions"]],
    np.full(2, 0.5 / math.sqrt(1000)),
    rtol=0.12,
)
verify_at_least(
    "neighbouring pixels lie near the diagonal: correlation",
    np.corrcoef(triples[:, 0], triples[:, 1])[0, 1],
    0.9,
)
verify(
    "control, pixels of different places: correlation",
    np.corrcoef(triples[:, 0], rng.permutation(triples[:, 1]))[0, 1],
    0.0,
    atol=4 / math.sqrt(3000),
)

# %% [markdown]
r"""
(distance-concentration)=
**Everybody is equally far.** The squared distance of two random points $x,z$ of the cube $[0,1]^d$ is a sum of $d$ independent terms, $D^2=(x_1-z_1)^2+\dots+(x_d-z_d)^2$. How large is one? For a uniform number $x$ the averages of $x,x^2,x^3,x^4$ are $\frac12,\frac13,\frac14,\frac15$. So $\mathbb E(x-z)^2=\frac13-2\cdot\frac12\cdot\frac12+\frac13=\frac16$. And $\mathbb E(x-z)^4=2\cdot\frac15-8\cdot\frac14\cdot\frac12+6\cdot\frac13\cdot\frac13=\frac1{15}$. The variance of one term is $\frac1{15}-\frac1{36}=\frac7{180}$. For independent terms means add and variances add, so the deviation of $D^2$, measured by its mean, is

$$
\frac{\sqrt{7d/180}}{d/6}=\sqrt{\frac7{5d}} ,
$$ (eq-df-concentrate)

exactly, in every dimension: 37 % in ten, 0.1 % in a million. The mean grows like $d$, the deviation like $\sqrt d$. Nobody is near and nobody is far.

(random-vectors-nearly-orthogonal)=
**Everybody is at a right angle.** Take a random direction $u$, a point of the sphere $u_1^2+\dots+u_d^2=1$ without preference, and any fixed direction. Turn the axes so that the fixed one is the first; then the cosine of the angle between them is $u_1$. All coordinates are alike and their squares sum to one, so

$$
\mathbb E\cos^2=\mathbb E\,u_1^2=\frac1d ,
$$ (eq-df-cosine)

exactly again. In a million dimensions two random directions meet at $90°$, give or take a twentieth of a degree. (This needs directions around *zero*. Two random points of $[0,1]^d$, seen from the corner, have $\mathbb E\,x^\top z=\frac d4$ and $\mathbb E\|x\|^2=\frac d3$. Their cosine tends to $\frac34$, and the angle is $41.4°$: all share the direction of the diagonal.)
"""


# %%
def spread(D2):
    """Deviation over mean of the squared distances of all pairs."""
    pairs = D2[np.triu_indices(len(D2), 1)]
    return pairs.std() / pairs.mean()


def squared_distances(X):  # (n, d) -> (n, n)
    G = (X - X.mean(0)) @ (X - X.mean(0)).T
    return np.diag(G)[:, None] + np.diag(G) - 2 * G


# %% tags=["picture"]
def high(d):
    rng = np.random.default_rng(10)
    fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.6))
    u = rng.normal(size=(200, d)).astype(np.float32)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    pair = np.triu_indices(200, 1)
    flat = np.zeros((200, 200)) + squared_distances(rng.random((200, min(d, 2))))
    for ax, D2, name in (
        (axes[0], squared_distances(rng.random((200, d), dtype=np.float32)), "cube"),
        (axes[2], flat, "sheet in the cube's space"),
    ):
        D = np.sqrt(np.maximum(D2[pair], 0))
        bins = np.linspace(0, 2.6, 60)
        ax.hist(
            D / D.mean(), bins, density=True, histtype="stepfilled", color=plot.BLUE
        )
        ax.set(xlabel="distance / mean", title=name)
    degrees = np.degrees(np.arccos(np.clip((u @ u.T)[pair], -1, 1)))
    bins = np.linspace(0, 180, 61)
    axes[1].hist(degrees, bins, density=True, histtype="stepfilled", color=plot.RED)
    axes[1].set(
        xlabel="angle", title=f"{d} dimension{'s' * (d > 1)}", xticks=[0, 90, 180]
    )
    for ax in axes:
        ax.set_yticks([])
    return fig


explore(
    high,
    alt="Histograms of relative distances in a cube and of angles of random directions: broad in few dimensions, needles at one and at ninety degrees in many; a third histogram, distances on a flat sheet, stays as broad as it is in the plane",
    d=[3, 1, 2, 10, 100, 1000],
)

# %% [markdown]
r"""
The sheet has not noticed: being laid into a larger space changes no distance on it.

(headline-high-dimensions)=
### The headline: five powers of ten, and a sheet that does not care

The spread of squared distances in the cube, the deviation of the cosines, and the spread on a sheet (a square, laid into $\mathbb R^d$ along two random right-angled directions), against $\sqrt{7/5d}$, $1/\sqrt d$ and $\sqrt{7/(5\cdot2)}$.
"""


# %%
def measure(n, d, rng):
    cube = rng.random((n, d), dtype=np.float32)
    u = rng.standard_normal((n // 2, d), dtype=np.float32)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    cosines = (u @ u.T)[~np.eye(n // 2, dtype=bool)]
    into = np.linalg.qr(rng.normal(size=(d, min(d, 2))))[0].astype(np.float32)
    square = rng.random((n, min(d, 2)), dtype=np.float32) @ into.T  # (n, d)
    spreads = [spread(squared_distances(A)) for A in (cube, square)]
    return spreads[0], np.sqrt(np.mean(cosines**2)), spreads[1]


# %%
rng = np.random.default_rng(11)
dims = np.array([1, 10, 100, 1000, 10_000, 100_000])
sizes = [1000, 1000, 1000, 500, 250, 120]  # setting
found = np.array([measure(n, d, rng) for n, d in zip(sizes, dims)])
theory = np.c_[np.sqrt(1.4 / dims), dims**-0.5, np.sqrt(1.4 / np.minimum(dims, 2))]
headline(
    "Spread of squared distances, of cosines, and on a sheet, in 1 to 100,000 dimensions",
    found,
    theory,
    rtol=0.05,
)

# %% tags=["picture"] mystnb={"image": {"alt": "Double logarithmic: spread of squared distances and deviation of cosines against the dimension, dots on two parallel falling lines; the spread on a sheet stays level."}}
fig, ax = plt.subplots(figsize=(6.8, 2.9))
names = ("cube: distances², spread", "cosines, deviation", "sheet: distances², spread")
for k, (colour, name) in enumerate(zip((plot.BLUE, plot.RED, plot.GREEN), names)):
    ax.loglog(dims, found[:, k], "o", color=colour, label=name)
    ax.loglog(dims, theory[:, k], color=colour, lw=1)
ax.set(xlabel="dimensions $d$")
ax.legend(loc="lower left")
plt.show()

# %% [markdown]
r"""
**And digits?** Turn the formula around: a cloud with spread $s$ is as concentrated as a cube of $\frac7{5s^2}$ dimensions. The control deals every pixel's values anew among the images.
"""

# %% tags=["set-up"]
rng = np.random.default_rng(12)
dealt = np.column_stack([rng.permutation(pixel) for pixel in X_train.T])
as_cube = {
    "digits": 1.4 / spread(squared_distances(X_train)) ** 2,
    "digits, pixels dealt anew": 1.4 / spread(squared_distances(dealt)) ** 2,
    "64 uniform numbers": 1.4 / spread(squared_distances(rng.random((1400, 64)))) ** 2,
}
for name, k in as_cube.items():
    print(f"{name:28s} distances as in a cube of {k:5.1f} dimensions")

# %% [markdown]
r"""
Sixty-four numbers, and distances as in some fourteen dimensions. Dealing anew keeps every pixel's grey values and takes away only how they hang together: 37. (Not 64, because pixels at the border hardly vary; see the exercise.) **A common slip**: "in high dimensions all points are equally far". That is a theorem about independent coordinates, and data worth learning from are not made of those.
"""

# %% tags=["checks"]
verify(
    "uniform numbers: the cube's dimension found again",
    as_cube["64 uniform numbers"],
    64,
    rtol=0.05,
)
v2, v4 = (np.mean((X_train - X_train.mean(0)) ** k, axis=0) for k in (2, 4))
verify(
    "pixels dealt anew: the cube's dimension, from the pixels' second and fourth moments",
    as_cube["digits, pixels dealt anew"],
    1.4 * np.sum(2 * v2) ** 2 / np.sum(2 * v4 + 2 * v2**2),
    rtol=0.03,
)
verify_at_least(
    "dealing the pixels anew makes the dimension larger: by a factor",
    as_cube["digits, pixels dealt anew"] / as_cube["digits"],
    2.0,
)
corner = np.random.default_rng(13).random((2, 1_000_000))
verify(
    "two points of the cube in a million dimensions: cosines from the corner and from the middle",
    [(a @ b) / math.sqrt((a @ a) * (b @ b)) for a, b in (corner, corner - 0.5)],
    [(1 / 4) / (1 / 3), 0],
    atol=5e-3,
)
exact = [[(i - j) ** 2 for i in range(400)] for j in range(400)]
verify(
    "mean and variance of one term, on a fine grid",
    [np.mean(exact) / 400**2, np.var(exact) / 400**4],
    [1 / 6, 7 / 180],
    rtol=1e-3,
)

# %% [markdown]
r"""
**Try it.** A box has sides $s_1,\dots,s_d$ instead of 1. What is the spread of $D^2$ for its random points?
"""

# %% tags=["yours"]
box_spread = ...  # a function of the array of sides

exercise("box").check(box_spread)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The $i$-th term is multiplied by $s_i^2$: mean $s_i^2/6$, variance $7s_i^4/180$. So the box behaves like a cube of $(\sum s_i^2)^2/\sum s_i^4$ dimensions. A long thin box in a thousand dimensions counts as one of very few.

```python
box_spread = lambda s: np.sqrt(1.4 * np.sum(s**4)) / np.sum(s**2)
```

</details>
"""

# %% [markdown]
r"""
(hughes-phenomenon)=
## Do more features help?

Should one not measure everything? Take two equally frequent classes {cite:p}`trunk1979`: feature number $i$ is $+1/\sqrt i$ in one class and $-1/\sqrt i$ in the other, plus standard Gaussian noise. By hand: one feature, cut at zero, is right with probability $\Phi(1)=0.84$, where $\Phi$ is the bell curve's area up to there. Add the features up, each with the weight $1/\sqrt i$: the sum has the mean $\pm s$ with $s=1+\frac12+\dots+\frac1d$ and the variance $s$, so it is right with probability $\Phi(\sqrt s)$. Two features make 0.89, and $s$ grows without end (like $\ln d$): with enough features one is as good as never wrong.

That is somebody who *knows* the two means. We have $n=40$ examples. Take as weights $w$ half the difference of the two class means: the true weights $\mu$ plus noise of variance $\frac1n$ in every coordinate. The sum has then the mean $\pm w^\top\mu$, about $s$, and the deviation $\|w\|$, about $\sqrt{s+d/n}$. So (neglecting the error of the cut) this *nearest mean* rule is right with probability

$$
\Phi\Bigl(\frac s{\sqrt{s+d/n}}\Bigr).
$$ (eq-df-trunk)

The signal grows like $\ln d$, the noise like $d/n$. In the end the noise wins, and the accuracy falls back to a coin's. When does that begin? One more feature adds $\frac1d$ to $s$ and $\frac1n$ to $d/n$. So $\ln\frac{s^2}{s+d/n}$ grows by about $\frac2{sd}-\frac{1/d+1/n}{s+d/n}$, which is zero when $2(s+\frac dn)=s(1+\frac dn)$, that is, at

$$
d=n\,\frac s{s-2} :
$$ (eq-df-turn)

68 features for forty examples. Is it this that people see who add features and get worse?
"""


# %%
def class_means(X, side):
    return X[side > 0].mean(0), X[side < 0].mean(0)


def nearest_mean(X, side):
    plus, minus = class_means(X, side)
    return plus - minus


def discriminant(X, side):
    plus, minus = class_means(X, side)
    within = X - np.where(side[:, None] > 0, plus, minus)
    S = within.T @ within / (len(X) - 2)
    return np.linalg.pinv(S, hermitian=True) @ (plus - minus)


# %% tags=["set-up"]
def shrunk(X, side, share=0.5):
    """The same with its covariance mixed with its mean variance."""
    plus, minus = class_means(X, side)
    within = X - np.where(side[:, None] > 0, plus, minus)
    S = within.T @ within / (len(X) - 2)
    S = (1 - share) * S + share * np.trace(S) / len(S) * np.eye(len(S))
    return np.linalg.solve(S, plus - minus)


def accuracies(d, n, rules, rng):
    """Chance that each rule, fitted to n fresh examples, names a new one rightly."""
    mu, side = np.arange(1, d + 1) ** -0.5, np.repeat([1, -1], n // 2)
    X = rng.normal(size=(n, d)) + side[:, None] * mu
    middle, right = np.mean(class_means(X, side), axis=0), []
    for rule in rules:
        w = rule(X, side)
        margins = [w @ (mu - middle), w @ (mu + middle)] / np.linalg.norm(w)
        right.append(stats.norm.cdf(margins).mean())
    return right


harmonic = lambda d: np.sum(1 / np.arange(1, d + 1))
trunk_theory = lambda d, n: stats.norm.cdf(harmonic(d) / np.sqrt(harmonic(d) + d / n))
rng = np.random.default_rng(14)
few_dims = [1, 2, 4, 8, 16, 24, 32, 38, 45, 60, 100, 200, 400]
rules = (discriminant, shrunk, nearest_mean)
trunk = np.array(
    [[accuracies(d, 40, rules, rng) for _ in range(20)] for d in few_dims]
)  # (dims, runs, rules)
many_dims = [1000, 4000, 20_000]
trunk_far = np.array(
    [[accuracies(d, 40, (nearest_mean,), rng) for _ in range(8)] for d in many_dims]
)
print("features     ", *(f"{d:5d}" for d in (*few_dims[4:], *many_dims)))
for k, name in enumerate(("discriminant", "shrunk", "nearest mean")):
    row = [*trunk[4:, :, k].mean(1), *(trunk_far[:, :, 0].mean(1) if k == 2 else [])]
    print(f"{name:13s}", *(f"{v:5.3f}" for v in row))
best_known = [stats.norm.cdf(harmonic(d) ** 0.5) for d in (*few_dims[4:], *many_dims)]
print(f"{'best possible':13s}", *(f"{v:5.3f}" for v in best_known))

# %% tags=["picture"] mystnb={"image": {"alt": "Accuracy against the number of features on a logarithmic axis, forty examples. The linear discriminant rises to 0.92 at eight features, falls to 0.67 at 38, recovers to above 0.8 and falls again; the shrunk discriminant and the nearest mean rise to 0.97 and decline only from some hundred features on; the best possible rule rises to one."}}
fig, ax = plt.subplots(figsize=(6.8, 3.1))
for k, (colour, name) in enumerate(
    (
        (plot.RED, "discriminant, covariance estimated"),
        (plot.ORANGE, "shrunk"),
        (plot.BLUE, "nearest mean"),
    )
):
    mean, sd = trunk[:, :, k].mean(1), trunk[:, :, k].std(1, ddof=1)
    ax.plot(few_dims, mean, "o-", ms=4, color=colour, label=name)
    ax.fill_between(few_dims, mean - sd, mean + sd, color=colour, alpha=0.15, lw=0)
ax.plot(many_dims, trunk_far[:, :, 0].mean(1), "o", ms=4, color=plot.BLUE)
wide = np.unique(np.geomspace(1, 20_000, 60).astype(int))
ax.plot(wide, [trunk_theory(d, 40) for d in wide], "--", lw=1, color=plot.BLUE)
ax.plot(
    wide,
    [stats.norm.cdf(harmonic(d) ** 0.5) for d in wide],
    ":",
    color=plot.GREY,
    label="best possible",
)
ax.axvline(38, color=plot.GREY, lw=0.8)
ax.set(xscale="log", xlabel="features $d$ (forty examples)", ylabel="accuracy")
ax.set(ylim=(0.4, 1.02))
ax.legend(loc="lower left", fontsize=9)
plt.show()

# %% [markdown]
r"""
**A common slip** is to take two things for one. The red rule, Fisher's *linear discriminant*, also estimates how the features vary together. That is a matrix of $d\times d$ numbers from $n-2=38$ independent examples. Close to $d=38$ it can hardly be inverted (beyond, it has no inverse, and the pseudo-inverse leaves out the directions in which the examples do not vary), and its accuracy collapses to about two thirds, only to *recover* when more features are added (and to fade again): a peak of errors that you will meet again as [double descent](#headline-double-descent). Mix the matrix with a multiple of the identity, or leave it out, and the collapse is gone from the same data.

What is left, in blue, is Trunk's effect, and the formula (dashed) describes it: the curve turns, very flatly, at {eq}`eq-df-turn`; at 20,000 it is back below 0.7, although every one of these features is informative.

<details><summary>Must it fall?</summary>

The fall is the rule's own, which trusts all of them alike: a weight shrunk by $\frac n{n+i}$, as the noise $\frac1n$ in the estimate of a mean of size $1/\sqrt i$ suggests, turns the formula into $\Phi\bigl(\sqrt{\sum_i\frac n{i(n+i)}}\bigr)$, which never falls, and ends at 0.98. ({cite:t}`hughes1968` had averaged over *all* problems with two classes and a measurement of $m$ possible values: there, too, accuracy peaks at some $m$ for finitely many examples.)

</details>

(With [a number to predict](#pixel-basis-synthesis), forty examples and 400 equal features, most choices are worse than predicting zero.)
"""

# %% tags=["checks"]
verify(
    "nearest mean, up to 20,000 features, against theory",
    [*trunk[:, :, 2].mean(1), *trunk_far[:, :, 0].mean(1)],
    [trunk_theory(d, 40) for d in (*few_dims, *many_dims)],
    atol=0.012,
)
by_prior = lambda X, side: (
    nearest_mean(X, side) / (1 + np.arange(1, X.shape[1] + 1) / 40)
)
asked_dims, rng = (60, 1000, 20_000), np.random.default_rng(47)
verify(
    "weights shrunk by n/(n + i), forty examples, 60 to 20,000 features, against theory",
    [
        np.mean([accuracies(d, 40, (by_prior,), rng) for _ in range(10)])
        for d in asked_dims
    ],
    [
        stats.norm.cdf(np.sqrt((40 / (i * (40 + i))).sum()))
        for i in (np.arange(1, d + 1) for d in asked_dims)
    ],
    atol=0.012,
)
turns, at_turn = [], []
for n in (20, 40, 100, 400, 1000):
    some = np.arange(1, 20 * n)
    s = np.cumsum(1 / some)
    peak_at = np.argmax(s**2 / (s + some / n))
    turns.append(some[peak_at])
    at_turn.append(n * s[peak_at] / (s[peak_at] - 2))
verify("where it turns, 20 to 1,000 examples: all d tried", turns, at_turn, atol=1.5)
rng = np.random.default_rng(46)
mean_right = {
    n: [
        np.mean([accuracies(d, n, (discriminant,), rng) for _ in range(40)])
        for d in (n - 6, n - 4, n - 2, n, n + 2)
    ]
    for n in (20, 40)
}
verify(
    "discriminant, 20 and 40 examples: the worst of n - 6, n - 4, …, n + 2 features",
    [n - 6 + 2 * np.argmin(v) for n, v in mean_right.items()],
    [20 - 2, 40 - 2],
    atol=0,
)
verify(
    "400 features, as many examples as the solution below asks for: right",
    np.mean([accuracies(400, 110, (nearest_mean,), rng) for _ in range(20)]),
    0.98,
    atol=0.003,
)
lost = trunk[few_dims.index(8), :, 0] - trunk[few_dims.index(38), :, 0]
verify_at_least("discriminant: lost from 8 to 38 features, mean", lost.mean(), 0.2)
back = trunk[few_dims.index(100), :, 0] - trunk[few_dims.index(38), :, 0]
verify_at_least(
    "… and won back at 100, in standard errors",
    back.mean() / (back.std(ddof=1) / math.sqrt(20)),
    4.0,
)
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

side40 = np.repeat([1, -1], 20)
X40 = np.random.default_rng(16).normal(size=(40, 12)) + side40[:, None] * 0.3
ours, theirs = (
    discriminant(X40, side40),
    LinearDiscriminantAnalysis().fit(X40, side40).coef_[0],
)
verify(
    "the discriminant's direction, by the library",
    ours / np.linalg.norm(ours),
    theirs / np.linalg.norm(theirs),
    atol=1e-8,
)

# %% [markdown]
r"""
**Try it.** How many examples does the nearest mean need with $d$ features to be right with probability $q$? Solve {eq}`eq-df-trunk` for $n$. (For 400 features and 98 %?)
"""

# %% tags=["yours"]
examples_needed = ...  # a function of d and q; harmonic(d) and stats.norm.ppf may help

exercise("examples-needed").check(examples_needed)

# %% [markdown]
r"""
<details><summary>Solution</summary>

With $z=\Phi^{-1}(q)$: $s^2=z^2(s+d/n)$. For 400 features and 98 % some 109; and if $s\le z^2$ no number suffices.

```python
def examples_needed(d, q):
    s, z = harmonic(d), stats.norm.ppf(q)
    return d / (s**2 / z**2 - s)
```

</details>
"""

# %% [markdown]
r"""
(representation-reveals)=
## Representation reveals

(synthesis-map)=
Pictures of a square have $32\times32=1024$ pixels and were *drawn* from four numbers: two for the place, one each for size and angle. Think of data as the output of a *synthesis map* $\sigma$ from few causes to many pixels, $x=\sigma(F)$. To understand a picture is to go the other way, by an *analysis map* $\alpha$ with $\alpha(\sigma(F))=F$.
"""


# %%
side32 = np.arange(32) + 0.5


def draw_square(x0, y0, size, angle):
    x, y = side32 - x0, side32[:, None] - y0
    u = np.cos(angle) * x + np.sin(angle) * y
    v = np.cos(angle) * y - np.sin(angle) * x
    return np.clip(size - np.maximum(abs(u), abs(v)) + 0.5, 0, 1)  # (32, 32)


# %% tags=["picture"] mystnb={"image": {"alt": "Six pictures: four squares at different places, sizes and angles; the average of two upright squares, which is two faint squares; and the one square half-way between them."}}
rng = np.random.default_rng(17)
low, top = [9, 9, 3, 0], [23, 23, 6, np.pi / 2]
causes = rng.uniform(low, top, size=(1300, 4))
squares = np.array([draw_square(*F) for F in causes])  # (1300, 32, 32)
left_one, right_one = draw_square(9, 16, 5, 0), draw_square(23, 16, 5, 0)
shown = [
    *squares[[0, 1, 2]],
    left_one,
    (left_one + right_one) / 2,
    draw_square(16, 16, 5, 0),
]
titles = ["", "drawn from", "four numbers", "at 9", "at 9 + at 23, halved", "at 16"]
fig, axes = plt.subplots(1, 6, figsize=(6.8, 1.5))
for ax, image, title in zip(axes, shown, titles):
    ax.imshow(image, cmap="Greys", vmin=0, vmax=1)
    ax.set_title(title, fontsize=8.5)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
plt.show()

# %% [markdown]
r"""
(nonlinear-shape-features)=
Few causes, but the map from them is crooked: half of a square at 9 and half of one at 23 is no square at 16. Pixels are the other bargain: any picture is a weighted sum of single pixels, at the price of 1024 numbers.

(latent-features)=
**Where in the picture is the angle?** In no single pixel. Such a cause is called *latent*. We ask for the angle $\theta$ of new squares (as $\cos4\theta,\sin4\theta$, since a quarter turn changes nothing) and give three *representations* of the same pictures to the same two readers, a linear fit and the nearest examples.

1. The pixels.
2. The pixels, moved so that the centre of mass is in the middle. One cause is gone.
3. Two numbers made by hand. Write pixel positions as complex numbers $z$ around the centre of mass. Turning the picture by $\theta$ multiplies every $z$ by $e^{i\theta}$, so it multiplies $M=\sum_zx(z)\,z^4$, the grey values' fourth moment, by $e^{4i\theta}$; place and size leave the direction of $M$ alone. An upright square has $M<0$ (the corners, farthest out, have $z^4<0$). So take the direction of $-M$.
"""


# %%
positions = side32 + 1j * side32[:, None]  # (32, 32)


def centre_of(images):
    return (images * positions).sum((1, 2)) / images.sum((1, 2))


def fourth_moment(images):
    z = positions - centre_of(images)[:, None, None]
    M = (images * z**4).sum((1, 2))
    return np.c_[-M.real, -M.imag] / abs(M)[:, None]


# %% tags=["set-up"]
def to_middle(images):
    """Each picture rolled by whole pixels so that its centre of mass is in the middle."""
    shifts = 16 + 16j - np.round(centre_of(images))
    rolled = [
        np.roll(image, (int(c.imag), int(c.real)), (0, 1))
        for image, c in zip(images, shifts)
    ]
    return np.array(rolled)


angle_code = np.c_[np.cos(4 * causes[:, 3]), np.sin(4 * causes[:, 3])]
views = {
    "pixels": squares.reshape(len(squares), -1),
    "pixels, centred": to_middle(squares).reshape(len(squares), -1),
    "fourth moment": fourth_moment(squares),
}
choose, asked_squares = slice(800, 1050), slice(1050, 1300)  # validation, test


def best_of(readers, A, n):
    """R² on the test pictures of the reader that does best on the validation ones."""
    fitted = [reader.fit(A[:n], angle_code[:n]) for reader in readers]
    scores = [explained(angle_code[choose], r.predict(A[choose])) for r in fitted]
    chosen = fitted[int(np.argmax(scores))]
    return explained(angle_code[asked_squares], chosen.predict(A[asked_squares]))


straight = [linear_model.Ridge(lam) for lam in (0.01, 1, 10, 100, 1000)]
nearby = [KNeighborsRegressor(k) for k in (1, 2, 4, 8, 16)]
angle_scores = {
    name: [
        [best_of(readers, A, n) for n in (50, 200, 800)]
        for readers in (straight, nearby)
    ]
    for name, A in views.items()
}
print("R² of the angle             linear fit                nearest examples")
print("examples                   50     200     800         50     200     800")
for name, (by_line, by_near) in angle_scores.items():
    print(
        f"{name:20s}",
        *(f"{v:7.2f}" for v in by_line),
        "   ",
        *(f"{v:7.2f}" for v in by_near),
    )

# %% [markdown]
r"""
From the pixels a linear fit learns *nothing* (0 is the score of not looking), and the nearest examples something, with 800. Centred, fifty examples do. The hand-made numbers are the answer already. No step added information; a simple reader gets at more of it, and the price is paid in examples. Someone had to *know* that place does not matter; [convolutional networks](#translation-equivariance) are built to know such things.
"""

# %% tags=["checks"]
verify(
    "angles from the fourth moment of 1,300 squares, as directions",
    fourth_moment(squares),
    angle_code,
    atol=0.1,
)
turned = np.rot90(squares[:50], axes=(1, 2))
verify(
    "a quarter turn of the picture leaves the fourth moment",
    fourth_moment(turned),
    fourth_moment(squares[:50]),
    atol=1e-9,
)
shuffled_angles = np.random.default_rng(18).permutation(angle_code[:800])
verify_at_most(
    "control, angles dealt anew: what the centred pixels explain",
    explained(
        angle_code[asked_squares],
        linear_model.Ridge(10)
        .fit(views["pixels, centred"][:800], shuffled_angles)
        .predict(views["pixels, centred"][asked_squares]),
    ),
    0.05,
)
single = [
    max(
        abs(np.corrcoef(pixel, code)[0, 1])
        for pixel in views["pixels"].T
        if pixel.std() > 0.01
    )
    for code in angle_code.T
]
verify_at_most("largest correlation of any pixel with the angle's code", single, 0.2)
verify_at_most(
    "pixels, linear fit, 800 examples: explained variance",
    angle_scores["pixels"][0][2],
    0.1,
)
verify_at_least(
    "centred, linear fit, fifty examples", angle_scores["pixels, centred"][0][0], 0.9
)
recovered = optimize.least_squares(
    lambda F: (draw_square(*F) - squares[3]).ravel(), causes[3] + [1, -1, 0.5, 0.1]
).x
verify(
    "four causes, searched for in 1,024 pixels from nearby",
    recovered,
    causes[3],
    atol=1e-3,
)

# %% [markdown]
r"""
(feature-engineering-vs-learned-representation)=
**Made by hand, or learned?** Ten features, and the class is whether $x_1$ and $x_2$ have the same sign. No single feature knows anything and no line helps; one product does, $x_1x_2$. Who does not know which can offer the reader all 55 products; or random features $\max(0,w^\top x+b)$ with weights from the dice; or let the weights be *learned*, which makes it a [network with one hidden layer](#multilayer-perceptron). "Few used" reads the products with a penalty that sets most weights to zero ([lasso](#lasso)). All get 500 examples, 500 more to choose one of five settings, and 2,000 to be tested on; three data sets.
"""


# %% tags=["set-up"]
def product_problem(seed):
    """Scores of seven representations on one data set."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3000, 10))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    fit, choose, test = slice(0, 500), slice(500, 1000), slice(1000, None)
    pairs = np.triu_indices(10)
    products = np.c_[X, X[:, pairs[0]] * X[:, pairs[1]]]
    dice = {w: (rng.normal(size=(10, w)), rng.normal(size=w)) for w in (32, 512)}
    hidden = {w: np.maximum(0, X @ W + b) for w, (W, b) in dice.items()}
    line = [
        linear_model.LogisticRegression(C=C, max_iter=500)
        for C in (0.1, 1, 10, 100, 1000)
    ]
    few = [
        LinearSVC(penalty="l1", dual=False, C=C, random_state=0)
        for C in (0.001, 0.003, 0.01, 0.03, 0.1)
    ]
    net = [
        MLPClassifier(
            (32,), learning_rate_init=lr, max_iter=60, alpha=a, random_state=seed
        )
        for lr, a in ((0.01, 1e-3), (0.03, 1e-3), (0.02, 0.1), (0.01, 1), (0.03, 1))
    ]
    cases = {
        "raw features": (X, line),
        "random, 32": (hidden[32], line),
        "random, 512": (hidden[512], line),
        "all products": (products, line),
        "learned, 32": (X, net),
        "all products, few used": (products, few),
        "nearest examples": (X, [KNeighborsClassifier(k) for k in (1, 5, 15, 45, 90)]),
    }
    scores = {}
    for name, (A, readers) in cases.items():
        fitted = [reader.fit(A[fit], y[fit]) for reader in readers]
        chosen = max(fitted, key=lambda reader: reader.score(A[choose], y[choose]))
        scores[name] = chosen.score(A[test], y[test])
    return scores


product_runs = [product_problem(seed) for seed in range(3)]
product = {
    name: np.array([run[name] for run in product_runs]) for name in product_runs[0]
}
print("share right on new examples: mean of three data sets, and their range")
for name, s in product.items():
    print(f"   {name:24s}{s.mean():.3f}   {s.min():.3f} to {s.max():.3f}")

# %% [markdown]
r"""
Random features help, and 512 help more than 32. The products, offered by somebody who suspected that products matter, are better still. Thirty-two *learned* features beat all of these without having been told. And they lose against somebody who suspected *two* things, that products matter and that few of them do. Learning features is what one does when nobody knows. It is no magic: for two interleaved moons, sixteen features from the dice will do (and four by hand, an exercise at the end).
"""

# %% tags=["checks"]
verify_at_least(
    "few of the products minus learned, three data sets",
    product["all products, few used"] - product["learned, 32"],
    0.0,
)
verify_at_least(
    "learned minus the best of random features, all products, nearest examples",
    product["learned, 32"]
    - np.max(
        [product[k] for k in ("random, 512", "all products", "nearest examples")],
        axis=0,
    ),
    0.0,
)
verify_at_least(
    "512 random features minus 32", product["random, 512"] - product["random, 32"], 0.0
)
verify("raw features: a coin", product["raw features"].mean(), 0.5, atol=0.03)
moons, which_moon = datasets.make_moons(1500, noise=0.15, random_state=0)
moon_scores = []
for seed in range(40):
    rng = np.random.default_rng(seed)
    view = np.tanh(moons @ rng.normal(size=(2, 16)) + rng.normal(size=16))
    model = linear_model.LogisticRegression(C=100, max_iter=500)
    model.fit(view[:500], which_moon[:500])
    moon_scores.append(model.score(view[500:], which_moon[500:]))
verify_at_least(
    "moons: share of forty throws of sixteen features that name 97 % rightly",
    np.mean(np.array(moon_scores) >= 0.97),
    0.9,
)

# %% [markdown]
r"""
(deep-learning-definition)=
*Deep learning*, as this book uses the word, composes simple nonlinear maps and fits all of them to a task, so that features are learned on the way. One often reads that a network keeps what serves its task and throws the rest away. Ask it: train a network to name digits, stop before the last layer, at 32 numbers for each digit, and fit a linear *probe* {cite:p}`alain2017` that reads something off them: the name, the amount of ink, how high the ink lies, how slanted the digit is. The controls: a network of the same shape, *untrained*; 32 random sums of the pixels, no network at all; and the network trained just as long on names *dealt anew*.
"""


# %%
def hidden_layers(weights, biases, A):
    for W, b in zip(weights, biases):
        A = np.maximum(A @ W + b, 0)
    return A  # (n, 32)


# %% tags=["set-up"]
def look_of(A):
    """Ink, height of its centre, and slant of each image, (n, 3)."""
    rows, columns = np.arange(64) // 8 - 3.5, np.arange(64) % 8 - 3.5
    ink = A.sum(1)
    x, y = (A @ columns) / ink, (A @ rows) / ink
    slant = ((A @ (rows * columns)) / ink - x * y) / ((A @ rows**2) / ink - y**2)
    return np.c_[ink, y, slant]


def probe(A, B):
    """Name from 200 labels, then R² of ink, height and slant from all, on the test."""
    name = linear_model.LogisticRegression(max_iter=300).fit(A[:200], y_train[:200])
    reads = [
        explained(t, linear_model.Ridge(0.1).fit(A, s).predict(B))
        for s, t in zip(look_of(X_train).T, look_of(X_test).T)
    ]
    return [name.score(B, y_test), *reads]


def trained_view(seed, names=y_train):
    net = MLPClassifier(
        (64, 32), learning_rate_init=0.01, max_iter=30, random_state=seed
    ).fit(X_train, names)
    return lambda A: hidden_layers(net.coefs_[:2], net.intercepts_[:2], A)


def untrained_view(seed):
    rng = np.random.default_rng(seed)
    dice = [rng.normal(0, (2 / 64) ** 0.5, (64, m)) for m in (64, 32)]
    return lambda A: hidden_layers(dice, [0, 0], A)


def random_sums(seed):
    W = np.random.default_rng(seed).normal(0, (2 / 64) ** 0.5, (64, 32))
    return lambda A: A @ W


anew = np.random.default_rng(47).permutation(y_train)
probes = {
    name: np.array([probe(*map(view(seed), (X_train, X_test))) for seed in range(6)])
    for name, view in (
        ("trained", trained_view),
        ("untrained", untrained_view),
        ("random sums", random_sums),
        ("on dealt names", lambda seed: trained_view(seed, anew)),
    )
}
with_pixels = probe(X_train, X_test)
print("                        name, 200 labels     ink    height     slant")
print("pixels (64)            ", *(f"{v:11.2f}" for v in with_pixels))
for name, values in probes.items():
    pairs = [f"{m:6.2f}±{s:.2f}" for m, s in zip(values.mean(0), values.std(0, ddof=1))]
    print(f"{name + ' (32)':23s}", *(f"{pair:>11s}" for pair in pairs))

# %% [markdown]
r"""
*Name:* training has sharpened it, 0.98 from 200 labels where pixels give 0.93. (Not for nothing: the network has seen all 1,400 labels, and with those the pixels score 0.98 themselves.) *The rest* is read clearly worse than from the pixels. Thrown away? Against the untrained network, training even *kept* ink, height and slant. But 32 random sums keep as much ink, and more of height and slant: that rival was weak. Less can be read off by a *straight line*, then; whether it is lost or bent no linear probe can tell. And how much depends on the task: trained just as long on names dealt anew, the network loses far more of all three.
"""

# %% tags=["checks"]


def apart(one, other):
    """Difference of the means of six networks each, in its standard errors."""
    error = np.sqrt((one.var(0, ddof=1) + other.var(0, ddof=1)) / 6)
    return (one.mean(0) - other.mean(0)) / error


verify_at_least(
    "name, ink, height, slant: trained above untrained, in standard errors",
    apart(probes["trained"], probes["untrained"]),
    3.0,
)
verify_at_least(
    "name, ink, height, slant: trained on names above trained on dealt ones",
    apart(probes["trained"], probes["on dealt names"]),
    3.0,
)
verify_at_least(
    "height, slant: 32 random sums above trained",
    apart(probes["random sums"], probes["trained"])[2:],
    3.0,
)
verify_at_least(
    "name: trained above pixels with 200 labels",
    probes["trained"][:, 0] - with_pixels[0],
    0.0,
)
check_net = MLPClassifier(
    (64, 32), learning_rate_init=0.01, max_iter=30, random_state=0
).fit(X_train, y_train)
last = (
    hidden_layers(check_net.coefs_[:2], check_net.intercepts_[:2], X_test)
    @ check_net.coefs_[2]
)
verify(
    "the hidden layer leads to the network's own answers",
    (last + check_net.intercepts_[2]).argmax(1),
    check_net.predict(X_test),
)

# %% [markdown]
r"""
**Try it.** Rings of width 1 around the origin belong to the two classes in turn: the inner disc to class 1, the ring $1<r<2$ to class 0, and so on for ever. Give one feature $f(x,y)$ that is positive in class 1 and negative in class 0.
"""

# %% tags=["yours"]
ring_feature = ...  # a function of arrays x and y

exercise("rings").check(ring_feature)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Change the coordinates: only the radius matters, and in it the classes alternate like the sign of a sine.

```python
ring_feature = lambda x, y: np.sin(np.pi * np.hypot(x, y))
```

</details>
"""

# %% [markdown]
r"""
(data-has-structure-assumption)=
## A prior saves parameters

Before anything is learned there must be something to learn. Take 300 digits, once with their names and once with the names dealt anew.
"""

# %% tags=["set-up"]
first = slice(0, 300)
names_dealt = np.random.default_rng(19).permutation(y_train[first])
by_heart = {}
for kind, names in (("true names", y_train[first]), ("names dealt anew", names_dealt)):
    net = MLPClassifier((128,), learning_rate_init=0.01, max_iter=150, random_state=0)
    for reader, model in (("network", net), ("1 nearest", KNeighborsClassifier(1))):
        model.fit(X_train[first], names)
        by_heart[kind, reader] = (
            model.score(X_train[first], names),
            model.score(X_test, y_test),
        )
print("                               known digits   new digits")
for (kind, reader), (known, fresh) in by_heart.items():
    print(f"{kind + ', ' + reader:30s}{known:11.2f}{fresh:13.2f}")

# %% [markdown]
r"""
Network and neighbour learn *both* lists by heart; a perfect score on known examples says nothing {cite:p}`zhang2017`. To learn is to bet on a structure of the world, and the bet is called a *prior*.

(model-as-input-output-map)=
**The first bet: a family.** One chooses a family of functions $f_\theta$, the data its parameters $\theta$. A line $ax+b$ has two, a parabola three, an oscillation $a\sin(bx+c)+d$ four. Three data sets of 400 points, made by a line, a parabola and a sine; nine fits; what is left over, in units of the noise:
"""

# %% tags=["set-up"]
rng = np.random.default_rng(20)
at = np.linspace(-3, 3, 400)
made_by = {"line": 0.8 * at + 1, "parabola": 0.5 * at**2 - 1, "sine": np.sin(2 * at)}
wave = lambda x, a, b, c, d: a * np.sin(b * x + c) + d


def three_fits(y):
    """Noise variances left over by line, parabola and sine; the sine's parameters."""
    left = [np.mean((np.polyval(np.polyfit(at, y, k), at) - y) ** 2) for k in (1, 2)]
    fits = []
    for b in (0.05, 0.5, 1.0, 2.0, 3.0):  # several starts: this family has local minima
        for c in (0.0, 1.5):
            try:
                start = [y.std() / b, b, c, y.mean()]
                fits.append(optimize.curve_fit(wave, at, y, start, maxfev=4000)[0])
            except RuntimeError:  # this start leads nowhere
                continue
    best = min(fits, key=lambda p: np.mean((wave(at, *p) - y) ** 2))
    left.append(np.mean((wave(at, *best) - y) ** 2))
    return np.array(left) / 0.2**2, best


family_fits = {
    name: three_fits(y + 0.2 * rng.normal(size=400)) for name, y in made_by.items()
}
print("made by      line  parabola   sine     the sine that was fitted")
for name, (left, (a, b, c, d)) in family_fits.items():
    print(
        f"{name:10s}{left[0]:7.2f}{left[1]:9.2f}{left[2]:8.2f}"
        f"     amplitude {abs(a):.3g}, period {abs(2 * np.pi / b):.3g}"
    )

# %% [markdown]
r"""
The right family leaves the noise. But look at the last column: *the sine fits all three,* with a gigantic amplitude and a gigantic period. Near its zero a huge sine is a line, near its crest a parabola. No fit can tell families apart that agree where the data are; only a prior can.

(prior-reduces-parameters)=
**What it is worth to know something.** Suppose you know that a signal repeats itself after $2\pi$. Then $y=a\sin x+b\cos x+c$ has three parameters and *knows what comes next*. Thirty points cover two periods. Drag the degree of the polynomial that has to do without, and look at the third.
"""

# %% tags=["picture"]
rng = np.random.default_rng(21)
thirty = np.sort(rng.uniform(0, 4 * np.pi, 30))
signal = 2 * np.sin(thirty) + 0.5 + 0.1 * rng.normal(size=30)
periodic = lambda x: np.c_[np.sin(x), np.cos(x), np.ones_like(x)]
theta = np.linalg.lstsq(periodic(thirty), signal, rcond=None)[0]
polynomial = {k: np.polynomial.Chebyshev.fit(thirty, signal, k) for k in range(14)}


def extrapolate(degree):
    t = np.linspace(0, 6 * np.pi, 400)
    fig, ax = plt.subplots(figsize=(6.8, 2.8))
    ax.axvspan(4 * np.pi, 6 * np.pi, color=plot.GREY, alpha=0.1)
    ax.plot(t, polynomial[degree](t), color=plot.RED, label=f"degree {degree}")
    ax.plot(t, periodic(t) @ theta, color=plot.BLUE, label="period known")
    ax.axhline(signal.mean(), color=plot.GREY, lw=1, ls=":", label="mean")
    ax.plot(thirty, signal, "o", ms=4, color="black")
    ax.set(xlabel="$x$", ylim=(-4, 5))
    ax.legend(loc="upper left", ncols=3)
    return fig


explore(
    extrapolate,
    alt="Thirty points of a sine over two periods; the periodic model continues through the shaded third period, polynomials leave the picture at its border, except those of the lowest degrees; a dotted line shows the mean",
    degree=[9, 1, 3, 5, 7, 13],
)

# %% tags=["set-up"]
later = np.linspace(4 * np.pi, 6 * np.pi, 200)
next_period = 2 * np.sin(later) + 0.5
rms = lambda e: np.sqrt(np.mean(e**2))


def thirty_more(rng):
    """Errors on thirty new points and in the next period: mean, period known, degree 9."""
    x = np.sort(rng.uniform(0, 4 * np.pi, 30))
    y = 2 * np.sin(x) + 0.5 + 0.1 * rng.normal(size=30)
    w = np.linalg.lstsq(periodic(x), y, rcond=None)[0]
    nine = np.polynomial.Chebyshev.fit(x, y, 9)
    near = [y.mean(), periodic(x) @ w, nine(x)]
    far = [y.mean(), periodic(later) @ w, nine(later)]
    return [[rms(a - y), rms(b - next_period)] for a, b in zip(near, far)]


rng = np.random.default_rng(30)
extrapolated = np.array([thirty_more(rng) for _ in range(100)])  # (100, 3, 2)
print("medians of 100 data sets    on the thirty points   in the next period")
for name, (near, far) in zip(
    ("mean (1 parameter)", "period known (3)", "degree 9 (10)"),
    np.median(extrapolated, axis=0),
):
    print(f"{name:27s}{near:13.2f}{far:24.2f}")

# %% [markdown]
r"""
On the points both models are as close as the noise allows. In the next period the polynomial is typically a thousand times worse than somebody who does not look.

(forms-of-prior-knowledge)=
**And if the prior is wrong?** Priors come in many forms: a family, a symmetry ("$y$ is even"), a constraint ("$y=42$ at zero"), an energy ("slopes are small"), a distribution of the parameters, even examples of something similar. **A common slip**: "a wrong prior hurts". Given $n$ numbers with unknown mean $\mu$ and deviation $\sigma$, you believe in $m$. Trust the belief with weight $w$, the data with $1-w$:

$$
\mathbb E\bigl(w\,m+(1-w)\bar y-\mu\bigr)^2=w^2(m-\mu)^2+(1-w)^2\frac{\sigma^2}n ,
$$ (eq-df-prior)

because $\bar y-\mu$ has the mean 0 and the variance $\sigma^2/n$, so the mixed term vanishes. Ignoring the data altogether ($w=1$) beats ignoring the belief ($w=0$) as long as $|m-\mu|<\sigma/\sqrt n$: **a prior may be wrong by as much as the data's own standard error before it costs anything.**

The same with six noisy points of the parabola $42-8x^2$ (noise $\sigma=2$), fitted by $ax^2+bx+c$. Who knows nothing fits three parameters; who knows the symmetry two ($b=0$); who *believes* in the height $m$ at zero fits $a$ and $b$ only. Where is the break-even now? The curve fitted with the height held at $m$ is $f_m=f_{42}+(m-42)\,g$ with one fixed curve $g$, and the free fit is $f_{\hat c}$ with the fitted height $\hat c$. The noise enters $f_{42}$ through its parts along $x$ and $x^2$, and $\hat c$ only through a part at right angles to both, so the two are independent. Hence the mean errors are that of $f_{42}$, plus $\overline{g^2}$ times $(m-42)^2$ or $\operatorname{Var}\hat c$: the same rule, with the standard error of the fitted height.
"""

# %%
six, fine = np.linspace(-1, 1, 6), np.linspace(-1, 1, 101)
parabola = lambda x: 42 - 8 * x**2


def fit_with(powers, held, Y):
    """Errors of least squares with these powers of x, c held at a height or free."""
    A, B = (np.stack([x**k for k in powers], -1) for x in (six, fine))
    weights = np.linalg.lstsq(A, (Y - held).T, rcond=None)[0]
    return np.mean((held + B @ weights - parabola(fine)[:, None]) ** 2, axis=0)


powers_of_x = np.stack([six**0, six, six**2], -1)  # (6, 3)
break_even = 2 * np.linalg.inv(powers_of_x.T @ powers_of_x)[0, 0] ** 0.5


# %% tags=["picture"] mystnb={"image": {"alt": "Mean squared error of a fitted parabola against the believed height at zero: a U-shaped curve with its minimum at the true 42 that crosses the level of knowing nothing at the edges of a shaded band from 40.7 to 43.3; the level of knowing the symmetry lies below that of knowing nothing."}}
bumps = parabola(six) + 2 * np.random.default_rng(22).normal(size=(2000, 6))
believed = np.arange(38, 46.5, 0.5)
nothing, even = fit_with((0, 1, 2), 0, bumps), fit_with((0, 2), 0, bumps)
height = np.array([fit_with((1, 2), m, bumps) for m in believed])  # (17, 2000)
fig, ax = plt.subplots(figsize=(6.8, 2.9))
ax.axvspan(42 - break_even, 42 + break_even, color=plot.GREY, alpha=0.15)
ax.plot(believed, height.mean(1), "o-", ms=4, color=plot.RED, label="height believed")
ax.axhline(nothing.mean(), color=plot.GREY, label="nothing known")
ax.axhline(even.mean(), color=plot.BLUE, label="symmetry known")
ax.set(
    xlabel="believed height at zero (truth: 42)",
    ylabel="mean squared error",
    ylim=(0, 6),
)
ax.legend()
plt.show()

# %% [markdown]
r"""
Any belief within $1.26$, the standard error of the height (shaded), is better than none, though only 42 is right. Farther out the bill grows with the square. (How to trust a prior as much as it deserves is [regularisation](#ridge-regression).)
"""

# %% tags=["checks"]
verify_at_least(
    "by heart: true names and dealt ones, network and nearest",
    [v[0] for v in by_heart.values()],
    1.0,
)
for reader in ("network", "1 nearest"):
    p = by_heart["names dealt anew", reader][1]
    verify(
        f"dealt names, {reader}: new digits, a tenth",
        p,
        0.1,
        atol=4 * 0.3 / math.sqrt(397),
    )
own = np.array([family_fits[name][0][k] for k, name in enumerate(made_by)])
sine = np.array([family_fits[name][0][2] for name in made_by])
verify(
    "each family on its own set: the noise, less its parameters",
    own,
    1 - np.array([2, 3, 4]) / 400,
    atol=4 * math.sqrt(2 / 400),
)
verify("the sine on all three: the same as the right family", sine, own, rtol=0.01)
verify_at_least(
    "next period, a hundred data sets: degree 9 over the mean, and the mean over the period known",
    np.stack(
        [
            extrapolated[:, 2, 1] / extrapolated[:, 0, 1],
            extrapolated[:, 0, 1] / extrapolated[:, 1, 1],
        ]
    ),
    5.0,
)
verify_at_least(
    "next period: degree 9 over the mean, the median of a hundred",
    np.median(extrapolated[:, 2, 1] / extrapolated[:, 0, 1]),
    1000.0,
)
verify(
    "on the points: noise times the root of the degrees of freedom left",
    np.sqrt(np.mean(extrapolated[:, 1, 0] ** 2)),
    0.1 * math.sqrt((30 - 3) / 30),
    rtol=4 / math.sqrt(2 * 100 * 27),
)


def linear_error(powers, shift):
    """Variance and squared shift of a fit whose held height is off by shift."""
    A, B = (
        np.stack([np.linspace(-1, 1, m) ** k for k in powers], -1) for m in (6, 101)
    )
    H = B @ np.linalg.pinv(A)
    return 4 * np.mean(np.sum(H**2, 1)) + np.mean((shift - H @ np.full(6, shift)) ** 2)


verify(
    "errors of three fits, 2,000 runs against theory: nothing, symmetry, seventeen beliefs",
    [nothing.mean(), even.mean(), *height.mean(1)],
    [
        linear_error((0, 1, 2), 0),
        linear_error((0, 2), 0),
        *[linear_error((1, 2), m - 42) for m in believed],
    ],
    rtol=0.08,
)
verify(
    "the break-even, the height's standard error: from the mean errors of the fits",
    break_even,
    math.sqrt(
        (linear_error((0, 1, 2), 0) - linear_error((1, 2), 0))
        / (linear_error((1, 2), 1) - linear_error((1, 2), 0))
    ),
    rtol=1e-9,
)
verify(
    "which of the beliefs beat knowing nothing, 2,000 runs",
    (height.mean(1) < nothing.mean()).astype(int),
    (abs(believed - 42) < break_even).astype(int),
)

# %% [markdown]
r"""
**Try it.** Your belief is off by $\delta$, and the mean of the data has the variance $v=\sigma^2/n$. Which weight $w$ is best?
"""

# %% tags=["yours"]
best_weight = ...  # a function of delta and v

exercise("trust").check(best_weight)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The error $w^2\delta^2+(1-w)^2v$ has the slope $2w\delta^2-2(1-w)v$, zero at $w=v/(v+\delta^2)$. Never zero, however wrong you are; but to use it you would have to know how wrong you are.

```python
best_weight = lambda delta, v: v / (v + delta**2)
```

</details>
"""

# %% [markdown]
r"""
(collection-misleads)=
## Collection misleads

A model learns the collecting as readily as the world. Six ways to be misled, each with the control that gives it away.

**The answer leaks.** Fifty patients, a thousand measurements, all of them noise, and a diagnosis by tossing a coin. Choose the twenty measurements that differ most between the sick and the well; then cross-validate the vote of five nearest neighbours on these (learn from four fifths, test on the last, in turn). The control chooses the twenty anew within each four fifths.
"""


# %%
def choose_twenty(X, y):
    return np.argsort(-abs(X[y == 1].mean(0) - X[y == 0].mean(0)))[:20]


def leaky_accuracy(X, y, folds, inside):
    right, seen_all = [], choose_twenty(X, y)
    for fold in range(5):
        learn, test = folds != fold, folds == fold
        best = choose_twenty(X[learn], y[learn]) if inside else seen_all
        model = KNeighborsClassifier(5)  # setting
        model.fit(X[learn][:, best], y[learn])
        right.append(model.score(X[test][:, best], y[test]))
    return np.mean(right)


# %% tags=["set-up"]
def coin_patients(rng):
    """Accuracies on noise: chosen before the folds, and within them."""
    X, y = rng.normal(size=(50, 1000)), np.repeat([0, 1], 25)
    folds = np.r_[rng.permutation(25) % 5, rng.permutation(25) % 5]
    return [leaky_accuracy(X, y, folds, inside) for inside in (False, True)]


rng = np.random.default_rng(23)
leaks = np.array([coin_patients(rng) for _ in range(20)])
print(
    f"chosen before the folds   {leaks[:, 0].mean():.2f} ± {leaks[:, 0].std(ddof=1):.2f}"
)
print(
    f"chosen within each fold   {leaks[:, 1].mean():.2f} ± {leaks[:, 1].std(ddof=1):.2f}"
)

# %% [markdown]
r"""
Nearly nine of ten, from pure noise: the test patients had a say in what is looked at. So were published results on genes {cite:p}`ambroise2002`. *Whatever is learned, also a choice, a scale or a filling of holes, is learned from the training part only.*

**The test has been seen.** Give every digit a *random* name, and let a share $q$ of the test set be copies of training examples. Somebody who only remembers knows the copies and guesses the rest: $q+(1-q)/10$. One copy in two looks like 55 %. Near-copies do it, too. Our own digits were shuffled before they were split. What if stretches of the file are held out instead, a thirteenth at a time?
"""

# %% tags=["set-up"]
in_file, name_in_file = datasets.load_digits(return_X_y=True)
readers = {
    "fifteen nearest": KNeighborsClassifier(15),
    "linear": linear_model.RidgeClassifier(16.0**2),  # grey values up to 16 here
}
splits = [KFold(13), *(KFold(13, shuffle=True, random_state=k) for k in range(4))]
by_split = {
    name: np.array(
        [
            cross_val_predict(reader, in_file, name_in_file, cv=cv) == name_in_file
            for cv in splits
        ]
    )
    for name, reader in readers.items()
}  # (5, 1797) each
next_to = spatial.cKDTree(in_file).query(in_file, k=2)[1][:, 1]
places_apart = abs(next_to - np.arange(1797))
print("share wrong          stretches held out   shuffled, four times")
for name, right in by_split.items():
    shuffled = "  ".join(f"{1 - v.mean():.3f}" for v in right[1:])
    print(f"{name:20s}{1 - right[0].mean():19.3f}   {shuffled}")
print(
    f"nearest digit within 140 places in the file: {np.mean(places_apart <= 140):.0%}"
)
print(f"any other digit within 140 places: {280 / 1796 - 140 * 141 / 1797 / 1796:.0%}")

# %% [markdown]
r"""
So the shuffled scores of this chapter flatter. What stands together in the file looks alike, as pages by one hand would (the file does not say whose), and shuffling puts the greater part of every page among the known. To learn how well *strangers* are read, hold out strangers: whole writers, patients, days.

**Only some were recorded.** Two talents $x$ and $y$, independent, both standard Gaussians; a school admits whoever has $x+y>0$. Among the admitted the talents are correlated *negatively*. Turn the axes by $45°$: $s=(x+y)/\sqrt2$ and $t=(x-y)/\sqrt2$ are independent standard Gaussians too. Admission halves the bell curve of $s$, whose variance falls from 1 to $1-\frac2\pi$, and leaves $t$ alone. With $x,y=(s\pm t)/\sqrt2$,

$$
r=\frac{\operatorname{Var}s-\operatorname{Var}t}{\operatorname{Var}s+\operatorname{Var}t}=\frac{-2/\pi}{2-2/\pi}=-\frac1{\pi-1}\approx-0.47 .
$$ (eq-df-selection)

A law about the admitted, with nothing behind it but the door.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Left, the accuracy of a memoriser on random names rises on a straight line with the share of duplicates. Right, a round cloud of talents of which the upper right half is coloured; within the coloured half a falling line fits best."}}
rng = np.random.default_rng(24)
random_names = rng.integers(10, size=1400)
copied = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])
remembered = []
for q in copied:
    copies = round(q * 397)
    from_train = rng.choice(1400, copies, replace=False)
    test = np.r_[X_train[from_train], X_test[copies:]]
    named = np.r_[random_names[from_train], rng.integers(10, size=397 - copies)]
    remembered.append(
        KNeighborsClassifier(1).fit(X_train, random_names).score(test, named)
    )
talents = rng.normal(size=(20_000, 2))
admitted = talents[talents.sum(1) > 0]
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.9))
left.plot(copied, remembered, "o", color=plot.RED)
left.plot([0, 1], [0.1, 1], color=plot.GREY, lw=1)
left.set(
    xlabel="share of duplicates in the test set", ylabel="accuracy on random names"
)
right.plot(*talents[:1500].T, ".", ms=2, color="#BBBBBB")
right.plot(*talents[:1500][talents[:1500].sum(1) > 0].T, ".", ms=2, color=plot.BLUE)
slope = np.polyfit(*admitted.T, 1)
right.plot([-1.5, 3], np.polyval(slope, [-1.5, 3]), color=plot.RED)
right.set(
    xlabel="talent $x$", ylabel="talent $y$", xlim=(-3, 3), ylim=(-3, 3), aspect="equal"
)
plt.show()

# %% [markdown]
r"""
(bias-skewed-sample)=
**It looks where it has looked.** Two districts, the same rate of crime: half a day. The records start at 11 and 10. Every day one patrol goes out, and records what it finds where it is. Three policies: to the district with more records; to a district by lot; by lot with the chances of the records. (See {cite:t}`ensign2018`.)
"""


# %%
def patrol(days, policy, rng):
    records = np.array([11, 10])
    for _ in range(days):
        share = records[0] / records.sum()
        chance = {"more": share > 0.5, "lot": 0.5, "in proportion": share}[policy]
        where = 0 if rng.random() < chance else 1
        records[where] += rng.random() < 0.5  # setting
    return records[0] / records.sum()


# %%
def urn_law(finds):
    """Chances that 0, 1, …, finds of the finds are made in the first district."""
    chance = np.ones(1)
    for t in range(finds):
        first = (11 + np.arange(t + 1)) / (21 + t)  # share of the records so far
        chance = np.r_[chance * (1 - first), 0] + np.r_[0, chance * first]
    return chance


# %% tags=["set-up"]
rng = np.random.default_rng(25)
policies = ("more", "lot", "in proportion")
patrols = {p: np.array([patrol(1000, p, rng) for _ in range(60)]) for p in policies}
print("share of the records in the first district after 1,000 days, 60 towns")
for policy, shares in patrols.items():
    print(
        f"   {policy:16s}mean {shares.mean():.2f}, from {shares.min():.2f} to {shares.max():.2f}"
    )
ends = np.interp([0.05, 0.95], np.cumsum(urn_law(500)), (11 + np.arange(501)) / 521)
print(
    f"   the urn's law   mean {11 / 21:.2f}, nine in ten from %.2f to %.2f" % (*ends,)
)

# %% [markdown]
r"""
One record more at the start, and the first policy ends with nearly all crime in one district. By lot the records tell the truth. The third keeps, on average, the share that it started with, $\frac{11}{21}$ (from 20 and 1 it would keep $\frac{20}{21}$); but every town settles on a share of its own, in these sixty anywhere from about a third to above three quarters, and its records confirm it for ever. It is Pólya's urn: every find is a ball drawn and put back with one more of its colour. Only *how many* finds went where counts, not their order ($\frac{11}{21}\cdot\frac{10}{22}\cdot\frac{12}{23}=\frac{10}{21}\cdot\frac{11}{22}\cdot\frac{12}{23}$), just as if each town had drawn its own coin at the start, from the Beta law with parameters 11 and 10.

(bias-tainted-examples)=
**The labels repeat what people did.** Applicants have a skill and belong to a group that has nothing to do with it. Fair decisions ask for a skill above 0; the recorded ones asked for 0.8 of group 1. A model fitted to 4,000 records asks for 0.8 again, the control, fitted to fair labels, for nothing extra. The better the fit, the better the copy.

(bias-sample-size-disparity)=
**It counts heads.** In a majority the label is the sign of $x_1$, in a minority that of $x_2$. A logistic fit seeks one straight boundary for both; its loss is an average, and the average belongs to the majority. If the boundary has turned by the angle $\varphi$, the majority is wrong on two wedges of angle $\varphi$: accuracies $1-\varphi/180°$ and $\frac12+\varphi/180°$. Drag the share $q$ of the minority. (To count mistakes instead would not turn it at all below one half: the average share wrong is $\frac q2+(1-2q)\,\varphi/180°$.)
"""


# %% tags=["picture"]
def pooled(share, rng, n=2000):
    """Weights of one logistic regression for both groups, and its accuracies."""
    minority = np.arange(n) < share * n
    P, T = rng.normal(size=(n, 2)), rng.normal(size=(20_000, 2))
    model = linear_model.LogisticRegression()
    model.fit(P, np.where(minority, P[:, 1], P[:, 0]) > 0)
    return model.coef_[0], [model.score(T, T[:, k] > 0) for k in (0, 1)]


def minority(percent):
    rng = np.random.default_rng(26)
    w, accuracy = pooled(percent / 100, rng)
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.9))
    P = rng.normal(size=(400, 2))
    few = np.arange(400) < 4 * percent
    label = np.where(few, P[:, 1], P[:, 0]) > 0
    for mask, marker, size in ((~few, ".", 4), (few, "^", 5)):
        for k, c in ((0, plot.ORANGE), (1, plot.BLUE)):
            left.plot(*P[mask & (label == k)].T, marker, ms=size, color=c)
    left.plot([-3 * w[1], 3 * w[1]], [3 * w[0], -3 * w[0]], color="black")
    left.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    right.bar(["majority", "minority"], accuracy, color=[plot.GREY, plot.RED])
    right.axhline(0.5, color="black", lw=1, ls=":")
    right.set(ylim=(0, 1), title=f"accuracy, minority {percent} %")
    left.set_title(f"turned by {math.degrees(math.atan2(w[1], w[0])):.0f}°")
    return fig


explore(
    minority,
    alt="Points of a majority and a minority with the common boundary, and the accuracies of both: with a small minority the boundary turns by a few degrees only, serves the majority, and the minority is guessed at",
    percent=[5, 0, 10, 20, 35, 50],
)

# %% [markdown]
r"""
At 5 % the average accuracy is above 95 %, and the minority is served by a coin. The control is to look at the groups one by one.
"""

# %% tags=["checks"]
verify_at_least(
    "noise: chosen before the folds, at least three quarters right",
    leaks[:, 0].mean(),
    0.75,
)
verify_within_se("noise: chosen within each fold, a coin", leaks[:, 1], 0.5)
verify(
    "duplicates: what a memoriser scores on random names",
    remembered,
    copied + (1 - copied) / 10,
    atol=4 * 0.3 / math.sqrt(397),
)
by_stretch = lambda gap: np.array([part.mean() for part in np.array_split(gap, 13)])
verify_at_least(
    "thirteen stretches held out, both readers: more mistakes than shuffled, paired, in standard errors",
    [
        gaps.mean() / (gaps.std(ddof=1) / math.sqrt(13))
        for right in by_split.values()
        for gaps in [by_stretch(right[1:].mean(0) - right[0])]
    ],
    stats.t(12).ppf(0.99),
)
index = np.arange(1797)
close_by = np.mean(abs(index[:, None] - index) <= 140) - 1 / 1797
verify_at_least(
    "nearest digits within 140 places of the file, over what any digits are",
    np.mean(places_apart <= 140) / close_by,
    3.0,
)
verify(
    "correlation of two talents, of all and of the admitted",
    [np.corrcoef(talents.T)[0, 1], np.corrcoef(admitted.T)[0, 1]],
    [0, -1 / (math.pi - 1)],
    atol=4 / math.sqrt(10_000),
)
verify_at_least("patrols to where more was recorded: share", patrols["more"], 0.9)
verify_within_se("patrols by lot: share", patrols["lot"], 0.5)
beta = stats.beta(11, 10)
verify(
    "share before the first day: the Beta law's mean",
    patrol(0, "lot", rng),
    beta.mean(),
    rtol=1e-12,
)
verify(
    "the urn after 500 finds: the law of 500 tosses of a coin drawn from the Beta law",
    urn_law(500),
    stats.betabinom(500, 11, 10).pmf(np.arange(501)),
    rtol=1e-9,
)
verify(
    "patrols in proportion: mean and deviation of the share, Pólya's Beta law",
    [patrols["in proportion"].mean(), patrols["in proportion"].std()],
    [beta.mean(), beta.std()],
    atol=4 * beta.std() / math.sqrt(60),
)
rng = np.random.default_rng(27)
skill, group = rng.normal(size=4000), rng.integers(2, size=4000)
bars = []
for extra in (0.8, 0.0):
    decided = skill > extra * group
    w = (
        linear_model.LogisticRegression(C=1e3)
        .fit(np.c_[skill, group], decided)
        .coef_[0]
    )
    bars.append(-w[1] / w[0])
verify(
    "extra skill asked of group 1: learned from tainted and from fair decisions",
    bars,
    [0.8, 0],
    atol=0.05,
)
for_wedges = [pooled(q, np.random.default_rng(28), 20_000) for q in (0.05, 0.3)]
phi = np.array([math.atan2(w[1], w[0]) for w, _ in for_wedges]) / math.pi
verify(
    "majority and minority: accuracies from the angle of the boundary",
    [accuracy for _, accuracy in for_wedges],
    np.c_[1 - phi, 0.5 + phi],
    atol=4 * 0.5 / math.sqrt(20_000),
)
roots, weight = np.polynomial.hermite_e.hermegauss(60)  # a Gaussian mean as a sum
A, B, weight = *np.meshgrid(roots, roots), np.outer(weight, weight) / weight.sum() ** 2


def mean_loss(w, q):
    s = w[0] * A + w[1] * B
    parts = [np.logaddexp(0, -np.sign(t) * s) for t in (A, B)]
    return np.sum(weight * ((1 - q) * parts[0] + q * parts[1]))


verify(
    "5 % and 30 %: turned as far as the least mean logistic loss says (shares of 180°)",
    phi,
    [
        math.atan2(w[1], w[0]) / math.pi
        for q in (0.05, 0.3)
        for w in [optimize.minimize(mean_loss, [2, 0.5], args=(q,)).x]
    ],
    atol=0.005,
)
people, tilt = np.random.default_rng(29).normal(size=(20_000, 2)), np.arange(0, 91, 5)
says = people @ [np.cos(np.radians(tilt)), np.sin(np.radians(tilt))] > 0  # (n, tilts)
verify(
    "mistakes counted, minority of 10 %, 30 % and 45 %: the best of nineteen angles",
    [
        tilt[np.argmin((1 - q) * wrong[0] + q * wrong[1])]
        for q in (0.1, 0.3, 0.45)
        for wrong in [[np.mean(says.T != (t > 0), axis=1) for t in people.T]]
    ],
    [0, 0, 0],
)

# %% [markdown]
r"""
**Try it.** In a test set of ten classes a share $q$ of the labels is wrong, each by a random other class. A classifier whose mistakes have nothing to do with that agrees with a share $p$ of the labels, and errs towards a random other class. What is its true accuracy?
"""

# %% tags=["yours"]
true_accuracy = ...  # a function of p and q

exercise("noisy-labels").check(true_accuracy)

# %% [markdown]
r"""
<details><summary>Solution</summary>

It agrees when both are right, or when both are wrong in the same way: $p=a(1-q)+(1-a)\,q/9$. With $q=0.05$, 94 % agreement are 98.9 % true accuracy, and more than 95 % should make you suspicious.

```python
true_accuracy = lambda p, q: (p - q / 9) / (1 - q - q / 9)
```

</details>
"""

# %% [markdown]
r"""
(df-practice)=
## In practice

| first question | what to look at | then |
|---|---|---|
| what is one example, who collected it, who is missing? | the groups one by one | [collection](#collection-misleads) |
| what do they look like? | pictures, duplicates, ranges, what is missing | [summaries](#summary-hides) |
| what would somebody score who does not look, or only remembers? | mean, commonest name, nearest neighbour | [baselines](#ml-task-taxonomy) |
| how many features for how many examples? | a simpler rule, a stronger prior | [more features](#hughes-phenomenon) |
| what may change without changing the answer? | shift, turn, scale, order | [representation](#representation-reveals) |
| is a column a name, an hour, a hole? | a 0/1 column for each name (0, 1, 2 would claim an order); sine and cosine of the hour; a column "was missing" | [one-hot](#softmax), [imputation](#missing-value-imputation) |

The same habits with scikit-learn, to copy: set examples aside for choosing (*validation*) and for reporting (*test*) before anything is learned; put the scale into the pipeline, so that it is taken from the examples that are learned from; fit every candidate, here five strengths of a penalty; keep the one that does best on the validation part; look at the test once. What happens inside `fit` is the subject of [regression](#logistic-regression) and [gradient descent](#gd-practice).
"""

# %%
from sklearn.preprocessing import StandardScaler

kept = (0.0, None)  # best validation accuracy so far, and its model
for C in (0.001, 0.01, 0.1, 1, 10):  # the larger, the weaker the penalty
    classifier = linear_model.LogisticRegression(C=C, max_iter=300)  # setting
    model = make_pipeline(StandardScaler(), classifier)
    model.fit(X_train[:1100], y_train[:1100])
    validated = model.score(X_train[1100:], y_train[1100:])
    if validated > kept[0]:
        kept = validated, model
tested = kept[1].score(X_test, y_test)

# %% tags=["set-up"]
rivals = {
    "commonest digit": np.mean(y_test == np.bincount(y_train[:1100]).argmax()),
    "nearest neighbour": KNeighborsClassifier(1)
    .fit(X_train[:1100], y_train[:1100])
    .score(X_test, y_test),
    "logistic regression": tested,
}
for name, share in rivals.items():
    error = math.sqrt(share * (1 - share) / len(y_test))
    print(f"{name:20s}{share:.3f} ± {error:.3f}")

# %% [markdown]
r"""
The linear model is good, and whoever only remembers is at least as good. With 397 test digits, a difference of one per cent is the luck of the draw.
"""

# %% tags=["checks"]
Z = kept[1][0].transform(X_train[:1100])  # (1100, 64)
mean, sd = X_train[:1100].mean(0), X_train[:1100].std(0)
varies = sd > 0
verify(
    "the pipeline's scale: mean and standard deviation of the examples learned from",
    Z[:, varies],
    ((X_train[:1100] - mean) / np.where(varies, sd, 1))[:, varies],
    rtol=1e-9,
    atol=1e-12,
)
readout = kept[1][1]
scores = Z @ readout.coef_.T + readout.intercept_
p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
verify(
    "its weights: minus C times the slopes of the loss, to the solver's tolerance",
    readout.coef_,
    -readout.C * (p - np.eye(10)[y_train[:1100]]).T @ Z,
    atol=readout.C * readout.tol * len(Z),
)
verify_at_least(
    "nearest neighbour less logistic regression, in standard errors of a difference",
    (rivals["nearest neighbour"] - tested) / math.sqrt(2 * tested * (1 - tested) / 397),
    -1.0,
)

# %% [markdown]
r"""
## Beware

**Correlation measures lines.** $y=x^2$ depends on $x$ completely, and on $[-1,1]$ the correlation is zero.

**A trend in every group, the opposite in all.** Groups that differ in both variables can turn a relation around (Simpson). Which of the two is the answer depends on what is asked.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Three groups of points, each falling from left to right, each group further right and higher than the one before, so that the line through all points rises."}}
rng = np.random.default_rng(31)
centres = np.repeat([0.0, 2.0, 4.0], 100)
wage = centres + rng.normal(0, 0.5, 300)
bill = 2 * centres - (wage - centres) + rng.normal(0, 0.3, 300)
fig, ax = plt.subplots(figsize=(6.8, 2.4))
for c, colour in zip((0, 2, 4), (plot.BLUE, plot.GREEN, plot.PURPLE)):
    one = centres == c
    ax.plot(wage[one], bill[one], ".", ms=4, color=colour)
    ax.plot(
        [c - 1, c + 1],
        np.polyval(np.polyfit(wage[one], bill[one], 1), [c - 1, c + 1]),
        color=colour,
    )
ax.plot([-1, 5], np.polyval(np.polyfit(wage, bill, 1), [-1, 5]), "--", color=plot.RED)
ax.set(xlabel="$x$", ylabel="$y$")
plt.show()

# %% tags=["checks"]
evenly = np.linspace(-1, 1, 1001)
verify("x and x²: correlation", np.corrcoef(evenly, evenly**2)[0, 1], 0.0, atol=1e-12)
verify(
    "three groups: slope in each",
    [np.polyfit(wage[centres == c], bill[centres == c], 1)[0] for c in (0, 2, 4)],
    -np.ones(3),
    atol=4 * 0.3 / (0.5 * math.sqrt(100)),
)
between, within = 8 / 3, 0.25  # variance of the centres, and around them
verify(
    "all together: slope, from the variances between and within",
    np.polyfit(wage, bill, 1)[0],
    (2 * between - within) / (between + within),
    atol=0.1,
)

# %% [markdown]
r"""
**"$p>0.05$, so the data are normal."** A test that finds nothing may only be weak. Twenty numbers from a *uniform* law pass a test of normality (Shapiro and Wilk's) most of the time; two hundred almost never. A large $p$ says nothing until one knows what the test would have noticed.

**Neighbours need a scale.** Measure one of two features in millimetres instead of metres, and the other is no longer seen.
"""

# %% tags=["set-up"]
rng = np.random.default_rng(32)
passed = {
    n: np.mean([stats.shapiro(rng.random(n)).pvalue > 0.05 for _ in range(200)])
    for n in (20, 200)
}
print(
    "uniform numbers that pass as normal:",
    *(f"{v:.0%} of samples of {n}  " for n, v in passed.items()),
)
spots = rng.normal(size=(2000, 2))
north = spots[:, 0] > 0
in_units = {}
for name, unit in (("metres, metres", 1.0), ("metres, millimetres", 1000.0)):
    five = KNeighborsClassifier(5).fit(spots[:1000] * [1, unit], north[:1000])
    in_units[name] = five.score(spots[1000:] * [1, unit], north[1000:])
print("five neighbours:", *(f"{v:.2f} in {name}  " for name, v in in_units.items()))

# %% tags=["checks"]
verify_at_least(
    "uniform numbers that pass as normal: samples of 20, and failures of 200",
    [passed[20], 1 - passed[200]],
    0.6,
)
verify(
    "five neighbours in metres and millimetres: a coin",
    in_units["metres, millimetres"],
    0.5,
    atol=4 * 0.5 / math.sqrt(1000),
)
verify_at_least("five neighbours in metres", in_units["metres, metres"], 0.95)

# %% [markdown]
r"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.

:::{exercise} Any cloud, any dimension
:label: ex-df-match
Write the [matching map](#eq-df-match) for clouds in any dimension, with a covariance $C$ (divided by $n-1$, as `np.cov` does).
:::
"""

# %% tags=["yours"]
match_any = ...  # a function of Z (n, d), mean (d,), C (d, d)

exercise("df-match").check(match_any)

# %% [markdown]
r"""
<details><summary>Solution</summary>

White times a factor of the wanted covariance. Nothing depends on two dimensions.

```python
def match_any(Z, mean, C):
    L_old, L_new = np.linalg.cholesky(np.cov(Z.T)), np.linalg.cholesky(C)
    return mean + np.linalg.solve(L_old, (Z - Z.mean(0)).T).T @ L_new.T
```

</details>

:::{exercise} Near the equator
:label: ex-df-equator
What share of the sphere in $\mathbb R^d$ lies within $\pm0.1$ of the equator of a given pole? (The first coordinate $t$ of a random direction has a density proportional to $(1-t^2)^{(d-3)/2}$.) And compare with {eq}`eq-df-cosine`.
:::
"""

# %% tags=["yours"]
equator = ...  # a function of d

exercise("df-equator").check(equator)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A tenth in three dimensions, two thirds in a hundred: $0.1$ is one deviation there, $1/\sqrt{100}$.

```python
from scipy import integrate

def equator(d):
    density = lambda t: (1 - t * t)**((d - 3) / 2)
    return integrate.quad(density, -0.1, 0.1)[0] / integrate.quad(density, -1, 1)[0]
```

</details>

:::{exercise} Moons and dice
:label: ex-df-moons
Two interleaved moons are not divided by a line. With sixteen features $\tanh(xW+b)$ nearly all weights from the dice will do, with four hardly one throw in ten. Look instead of throwing: the upper moon arches over $-1\le x_1\le1$, the lower hangs over $0\le x_1\le2$ (and half a unit lower). Give $W$ $(2,4)$ and $b$ $(4,)$, *without training*, such that a line through the four features names at least 97 % of new points rightly.
:::
"""

# %% tags=["yours"]
four_features = ...  # a pair (W, b)

exercise("df-moons").check(four_features)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The border is a height over $x_1$ that goes up where the upper moon begins, down between the two, and up where the lower one ends: three steps, at $-\frac12,\frac12,\frac32$, and the height $x_2$ itself, hardly bent. Who looks saves twelve features of sixteen.

```python
W = np.array([[3, 3, 3, 0], [0, 0, 0, 0.5]])
four_features = W, [1.5, -1.5, -4.5, 0]
```

</details>

:::{exercise} A control that could refute
:label: ex-df-impute
Forty patients, twenty of them sick, ten recordings each. The nearest neighbour, cross-validated over shuffled recordings, names 99 % rightly. Has it learnt the sickness? Write the control: deal the names anew, such that nothing is left to learn about the sickness, but everything that the *collecting* may have put in. If the reader still scores 99 %, it is refuted.
:::
"""

# %% tags=["yours"]
deal_anew = ...  # a function of sick (n,), who (n,), rng: new names (n,)

exercise("df-control").check(deal_anew)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Dealt to recordings one by one, the names of a patient's ten recordings disagree, the reader falls to a coin, and its 99 % look earned: that control destroys what it should test. Deal to *patients*: the reader still knows every face, and scores 99 % about nothing. The honest score holds out whole patients.

```python
def deal_anew(sick, who, rng):
    patients, first = np.unique(who, return_index=True)
    names = rng.permutation(sick[first])
    return names[np.searchsorted(patients, who)]
```

</details>

:::{exercise} Your own drawing
:label: ex-df-anneal
Draw something: at least 50 points, as an array $(n,2)$, and give it Anscombe's report: means 9 and 7.5, variances 11 and 4.125 (divided by $n-1$), correlation 0.8164. (Could a cleverer drawing leave more over from its best line than his sets do?)
:::
"""

# %% tags=["yours"]
drawing = ...  # an array (n, 2)

exercise("df-anneal").check(drawing)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Any drawing, dressed; `dress` divides by $n$, the report by $n-1$. No drawing can: what the best line leaves over is $1-r^2$ of the variance of $y$, and both are in the report.

```python
t = np.linspace(0, 2 * np.pi, 100, endpoint=False)
heart = np.c_[16 * np.sin(t)**3, 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t)]
drawing = dress(heart, [9, 7.5], np.sqrt([11 * 0.99, 4.125 * 0.99]), 0.8164)
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| undress and dress | $u=x/\sqrt a$, $v=(y-\frac bax)/\sqrt{c-b^2/a}$; then any mean, deviation, correlation | [white](#eq-df-whiten), [dressed](#eq-df-match) |
| the farthest point | $\lvert z\rvert\le\sqrt{n-1}$ | [limit](#eq-df-samuelson) |
| not looking | $\overline{(y-c)^2}=\operatorname{Var}+(\bar y-c)^2$ | [baseline](#eq-df-baseline) |
| distances in a cube | $\operatorname{sd}(D^2)/\mathbb ED^2=\sqrt{7/5d}$ | [concentration](#eq-df-concentrate) |
| random directions | $\mathbb E\cos^2=1/d$ | [right angles](#eq-df-cosine) |
| more features, $n$ examples | $\Phi(s/\sqrt{s+d/n})$, worse from $d=ns/(s-2)$ on | [nearest mean](#eq-df-trunk), [turn](#eq-df-turn) |
| a wrong prior | pays while $\lvert m-\mu\rvert<\sigma/\sqrt n$ | [prior](#eq-df-prior) |
| selection | $r=-1/(\pi-1)$ from independence | [the door](#eq-df-selection) |

A summary hides: look, and look again. Dimension hides: ask in how many directions the data move. Representation reveals: the same information, ready to be read. Collection misleads: nothing repairs it, but a control may show it.

**Further reading.** {cite:t}`anscombe1973` takes four pages and {cite:t}`matejka2017` one animation. {cite:t}`vershynin2018` is the book on high dimensions, {cite:t}`hastie2009` (section 2.5) the classical page on their curse, {cite:t}`barocas2023` the book on data that mislead.
"""

# %% [markdown]
r"""
## The shelf

What the thread did not need stands here, to be consulted rather than read through: every entry can be read alone.
"""

# %% tags=["set-up"]
from scipy import linalg
from sklearn import manifold, metrics

centre = X_train.mean(0)
components = np.linalg.svd(X_train - centre, full_matrices=False)[2]  # (64, 64), rows
lam = np.var((X_train - centre) @ components.T, axis=0)  # their variances
Sigma = np.cov(X_train.T) + 1e-3 * np.eye(64)


def conditional_mean(x, hidden):
    """The hidden entries of one image filled by their Gaussian conditional mean."""
    filled, o = x.copy(), ~hidden
    known = np.linalg.solve(Sigma[np.ix_(o, o)], x[o] - centre[o])
    filled[hidden] = centre[hidden] + Sigma[np.ix_(hidden, o)] @ known
    return filled


def share_of_error(guess, target):
    """Squared error over that of the mean of the training digits."""
    return np.mean((guess - target) ** 2) / np.mean((centre - target) ** 2)


# %% [markdown]
r"""
(hard-to-visualise-data)=
### When one cannot look

A handwritten digit of $8\times8$ pixels is a list of 64 grey values, and nobody can plot 64 axes. Nor can one look at what is measured where nobody can be, or at the codes inside a network. Then one looks at a *projection*, the shadow of the cloud on a plane. The best known takes the two directions in which the cloud is widest, its [principal components](#principal-component-analysis).
"""

# %% tags=["picture"] mystnb={"image": {"alt": "The digits projected to a plane, one colour for each of the classes 0 to 9: some clusters stand alone, such as 0, 4 and 6, others overlap in the middle."}}
widest = PCA(2).fit(X_train)
shadow = widest.transform(X_train)  # (1400, 2)
fig, ax = plt.subplots(figsize=(6.8, 3.2))
for k in range(10):
    ax.plot(*shadow[y_train == k].T, ".", ms=3, color=plt.cm.tab10(k))
    ax.text(
        *shadow[y_train == k].mean(0),
        str(k),
        fontsize=13,
        weight="bold",
        ha="center",
        va="center",
        bbox=dict(boxstyle="circle,pad=0.15", fc="white"),
    )
ax.set(xlabel="widest direction", ylabel="second")
plt.show()

# %% tags=["set-up"]
random_planes = np.linalg.qr(np.random.default_rng(5).normal(size=(20, 64, 2)))[0]
by_shadow = {
    "guess the commonest": commonest,
    "a random plane": np.mean([vote(X_train @ Q, X_test @ Q) for Q in random_planes]),
    "the widest plane": vote(shadow, widest.transform(X_test)),
    "all 64 directions": vote(X_train, X_test),
}
print("share of new digits named rightly by the 15 nearest")
for name, accuracy in by_shadow.items():
    print(f"   {name:22s}{accuracy:.2f}")
print(
    f"the widest plane keeps {widest.explained_variance_ratio_.sum():.0%} of the variance"
)

# %% [markdown]
r"""
The shadow shows clusters, and two thirds of the digits can be named from it, twice as many as from a random plane. It is a summary, too: that 5 and 8 lie upon each other here does not mean that they are alike. In 64 dimensions fifteen neighbours name nearly all of them.
"""

# %% tags=["checks"]
centred = X_train - centre
sigma = np.linalg.svd(centred, compute_uv=False)
verify(
    "share of the variance in the widest plane, from singular values",
    widest.explained_variance_ratio_.sum(),
    np.sum(sigma[:2] ** 2) / np.sum(centred**2),
    rtol=1e-9,
)
verify_at_most(
    "no random plane of twenty is as wide",
    [np.sum((centred @ Q) ** 2) for Q in random_planes],
    np.sum(shadow**2),
)
by_planes = np.array([vote(X_train @ Q, X_test @ Q) for Q in random_planes])
verify_at_least(
    "the widest plane names more than a random one: in deviations of those",
    (by_shadow["the widest plane"] - by_planes.mean()) / by_planes.std(ddof=1),
    4.0,
)

# %% [markdown]
r"""
(classification-with-missing-inputs)=
### Classification with missing inputs

Any part of the input may be absent, as in a hospital where nobody has all tests. Either fill the holes first and classify then, or use a joint model $p(x,y)$ and integrate over what is missing,

$$
p(y\mid x_{\text{obs}})\propto\int p(x_{\text{obs}},x_{\text{mis}},y)\,dx_{\text{mis}} .
$$ (eq-df-missing)

For a Gaussian model of each class the integral is easy: the marginal law of some coordinates of a Gaussian is the Gaussian with the other rows and columns struck out. All this supposes that entries are missing *at random*; if they are missing because of their values (the sick do not come), the holes themselves are data. With 30 % of the pixels gone, a classifier that was trained on complete digits takes zeros for white paper; means are better, training with holes adds little, conditional means most:
"""

# %% tags=["set-up"]
rng = np.random.default_rng(33)
gone = rng.random(X_test.shape) < 0.3
gone_train = rng.random(X_train.shape) < 0.3
for_holes = linear_model.LogisticRegression(max_iter=300)
for_holes.fit(np.where(gone_train, centre, X_train), y_train)
filled = np.array([conditional_mean(x, h) for x, h in zip(X_test, gone)])
with_holes = {
    "complete digits": logistic.score(X_test, y_test),
    "holes as zeros": logistic.score(np.where(gone, 0, X_test), y_test),
    "holes as means": logistic.score(np.where(gone, centre, X_test), y_test),
    "holes as means, trained with holes": for_holes.score(
        np.where(gone, centre, X_test), y_test
    ),
    "conditional mean": logistic.score(filled, y_test),
}
for name, share in with_holes.items():
    print(f"{name:36s}{share:.3f}")

S3 = np.array([[2, 1, 0.5], [1, 3, 1], [0.5, 1, 1]])  # a Gaussian to check formulas on
draws = np.random.default_rng(46).multivariate_normal(np.zeros(3), S3, 200_000)

# %% tags=["checks"]
seen_at = np.array([0.7, -0.4])
near = np.hypot(draws[:, 0] - seen_at[0], draws[:, 2] - seen_at[1]) < 0.2
verify(
    "density of what was observed, middle coordinate struck out, by counting draws",
    near.mean() / (math.pi * 0.2**2),
    stats.multivariate_normal(np.zeros(2), S3[np.ix_([0, 2], [0, 2])]).pdf(seen_at),
    rtol=0.06,
)
verify_at_least(
    "conditional means, over zeros, in accuracy",
    with_holes["conditional mean"] - with_holes["holes as zeros"],
    0.1,
)

# %% [markdown]
r"""
(missing-value-imputation)=
### Imputation

Fill the missing entries of a table. Under squared error the best filling is the conditional mean $\mathbb E[x_{\text{mis}}\mid x_{\text{obs}}]$. For Gaussian data it is linear in what was observed: with means and covariances split into missing ($m$) and observed ($o$) coordinates,

$$
\mathbb E[x_m\mid x_o]=\mu_m+\Sigma_{mo}\Sigma_{oo}^{-1}(x_o-\mu_o),
$$ (eq-df-impute)

because $x_m-\Sigma_{mo}\Sigma_{oo}^{-1}x_o$ is uncorrelated with $x_o$, and for Gaussians that means independent. Digits are not Gaussian. So another rule may win, and one does: the average of the five nearest complete digits, nearest in the visible pixels.
"""


# %% tags=["set-up"]
def from_neighbours(x, hidden, k=5):
    near = np.argsort(((X_train - x)[:, ~hidden] ** 2).sum(1))[:k]
    return np.where(hidden, X_train[near].mean(0), x)


by_near = np.array([from_neighbours(x, h) for x, h in zip(X_test, gone)])
hole_errors = {
    "mean": np.sqrt(np.mean((np.where(gone, centre, X_test) - X_test)[gone] ** 2)),
    "conditional mean": np.sqrt(np.mean((filled - X_test)[gone] ** 2)),
    "five neighbours": np.sqrt(np.mean((by_near - X_test)[gone] ** 2)),
}
print("error on hidden pixels:", *(f"{k} {v:.3f}  " for k, v in hole_errors.items()))

# %% tags=["checks"]
regressed = np.linalg.lstsq(draws[:, [0, 2]], draws[:, 1], rcond=None)[0]
verify(
    "conditional mean: coefficients by blocks, and by regression on draws",
    np.linalg.solve(S3[np.ix_([0, 2], [0, 2])], S3[[0, 2], 1]),
    regressed,
    atol=4 * math.sqrt(3 / 200_000 / 0.3),
)
verify_at_most(
    "neighbours over conditional mean, conditional mean over mean",
    [
        hole_errors["five neighbours"] / hole_errors["conditional mean"],
        hole_errors["conditional mean"] / hole_errors["mean"],
    ],
    0.9,
)

# %% [markdown]
r"""
(structured-output)=
### Structured output

The answer is a vector (a sequence, a tree, an image) whose parts depend on each other, judged by one loss. The lower half of a digit from the upper: the linear prediction has two thirds of the error of the mean half. But squared error looks at one pixel at a time, and its best answer, the conditional mean, averages over all lower halves that would fit: it is blurred. How blurred, the variances tell.
"""

# %% tags=["checks"]
halves = (
    linear_model.Ridge(1.0)
    .fit(X_train[:, :32], X_train[:, 32:])
    .predict(X_test[:, :32])
)
verify_at_most(
    "lower half: error over that of the mean half, and over that of upper halves dealt anew",
    [
        np.mean((halves - X_test[:, 32:]) ** 2)
        / np.mean((centre[32:] - X_test[:, 32:]) ** 2),
        np.mean((halves - X_test[:, 32:]) ** 2)
        / np.mean(
            (np.random.default_rng(34).permutation(halves) - X_test[:, 32:]) ** 2
        ),
    ],
    0.75,
)
verify_at_most(
    "blurred: variance of the predicted pixels over that of true ones",
    halves.var(0).sum() / X_test[:, 32:].var(0).sum(),
    0.6,
)

# %% [markdown]
r"""
(transcription-task)=
### Transcription

From something unordered (an image, a sound) to a sequence of symbols. The sequence is right only if every symbol is: with symbol accuracy $a$ and *independent* mistakes a sequence of length $L$ is right with probability $a^L$. Mistakes in real sequences hang together. If one writer of two is illegible (all of his symbols have accuracy $a_1$, those of the other $a_2$), it is $\frac12(a_1^L+a_2^L)$, which is never less than $\bigl(\frac{a_1+a_2}2\bigr)^L$, since $a\mapsto a^L$ is convex. In the check, strips of four test digits, as they are or with one writer's paper stained by noise.
"""

# %% tags=["checks"]
stained = X_test + 0.4 * np.random.default_rng(35).normal(size=X_test.shape)
rng = np.random.default_rng(36)
pick = rng.integers(397, size=(6000, 4))
clean_ok, stained_ok = (logistic.predict(A) == y_test for A in (X_test, stained))
one_writer = np.where(np.arange(6000)[:, None] % 2, clean_ok[pick], stained_ok[pick])
a2, a1 = clean_ok.mean(), stained_ok.mean()
verify_within_se(
    "strips of four, one writer each: share right",
    one_writer.all(1),
    (a1**4 + a2**4) / 2,
)
mixed = np.where(rng.random((6000, 4)) < 0.5, clean_ok[pick], stained_ok[pick])
verify_within_se(
    "the same symbols shuffled among writers", mixed.all(1), ((a1 + a2) / 2) ** 4
)

# %% [markdown]
r"""
(denoising-task)=
### Denoising

From a spoilt example to the clean one. Digits vary mostly in few directions, noise in all 64 alike. So keep the first $k$ principal components: what they miss of the signal falls with $k$, the noise let in is $\frac k{64}\sigma^2$, and the error is the sum. (Keeping a share $\frac{\lambda_i}{\lambda_i+\sigma^2}$ of component $i$, where $\lambda_i$ is its variance, is better than any cut: Wiener's filter.)
"""

# %% tags=["picture"]
spoilt = X_test + 0.25 * np.random.default_rng(37).normal(size=X_test.shape)
along = (X_test - centre) @ components.T  # (397, 64)
missed = np.array([np.sum(along[:, k:] ** 2) / along.size for k in range(65)])
let_in = 0.25**2 * np.arange(65) / 64


def cleaned(k):
    return centre + (spoilt - centre) @ components[:k].T @ components[:k]


curve = np.array([np.mean((cleaned(k) - X_test) ** 2) for k in range(65)])


def keep(k):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.6), width_ratios=(1, 2))
    left.imshow(cleaned(k)[8].reshape(8, 8), cmap="Greys", vmin=0, vmax=1)
    left.set(xticks=[], yticks=[], title=f"{k} components")
    left.grid(False)
    right.plot(curve, color=plot.RED, label="error")
    right.plot(missed, ":", color=plot.BLUE, label="missed signal")
    right.plot(let_in, ":", color=plot.GREY, label="noise let in")
    right.plot(k, curve[k], "o", color=plot.RED)
    right.set(xlabel="components $k$", ylim=(0, 0.09))
    right.legend()
    return fig


explore(
    keep,
    alt="A noisy digit projected to k components, a grey smear for k = 0, clearest for about fifteen and noisy for 64, and the error as the sum of a falling and a rising curve",
    k=[15, 0, 5, 10, 30, 64],
)

# %% tags=["checks"]
verify(
    "error with k of 64 components: missed signal and noise let in",
    curve,
    missed + let_in,
    rtol=0.05,
)
wiener = (
    centre + (spoilt - centre) @ components.T * (lam / (lam + 0.25**2)) @ components
)
verify_at_most(
    "Wiener's filter over the best cut, best cut over doing nothing",
    [np.mean((wiener - X_test) ** 2) / curve.min(), curve.min() / curve[64]],
    0.95,
)

# %% [markdown]
r"""
(anomaly-detection)=
### Anomaly detection

Only zeros were ever seen; how strange is a new image? Fit a Gaussian to the zeros and measure the distance from the centre in units of its own spread, $(x-\mu)^\top\Sigma^{-1}(x-\mu)$, the *Mahalanobis* distance. No anomaly is needed for training. The score is the *area under the curve* (AUC): the chance that a stranger is placed above a zero. Plain distance from the mean zero, the baseline, does very well, too.
"""

# %% tags=["checks"]
zeros = X_train[y_train == 0]
S0 = np.cov(zeros.T) + 0.01 * np.eye(64)
white = linalg.solve_triangular(
    np.linalg.cholesky(S0), (X_test - zeros.mean(0)).T, lower=True
)
strange, plain = (white**2).sum(0), ((X_test - zeros.mean(0)) ** 2).sum(1)
auc = [metrics.roc_auc_score(y_test != 0, score) for score in (strange, plain)]
verify_at_least(
    "AUC of Mahalanobis and of plain distance, strangers against zeros", auc, 0.98
)
verify(
    "AUC is the share of pairs in the right order",
    auc[0],
    np.mean(strange[y_test != 0][:, None] > strange[y_test == 0]),
    atol=1e-9,
)

# %% [markdown]
r"""
(synthesis-and-sampling)=
### Synthesis and sampling

Draw new examples from an estimate of $p(x)$ or $p(x\mid y)$. One Gaussian for each class in the space of 15 principal components is a crude artist, but a classifier that never saw its work recognises most of what is meant. That is a weak examination: copies of the class means would pass with honours. So ask also whether the drawn digits *vary* as real ones do, and whether they are *new*: as far from the nearest training digit as a test digit is. The drawn ones vary somewhat less and lie farther out: new, but not quite digits. [Generative models](#principal-component-analysis) take it from here.
"""

# %% tags=["set-up"]
rng = np.random.default_rng(38)
drawn = []
for k in range(10):
    codes = (X_train[y_train == k] - centre) @ components[:15].T
    codes = rng.multivariate_normal(codes.mean(0), np.cov(codes.T), 100)
    drawn.append(centre + codes @ components[:15])
drawn, meant = np.concatenate(drawn), np.repeat(np.arange(10), 100)
mean_digits = np.array([X_train[y_train == k].mean(0) for k in range(10)])[meant]
to_train = spatial.cKDTree(X_train)
examined = {
    name: (
        np.mean(logistic.predict(A) == names),
        A.var(0).sum(),
        to_train.query(A)[0].mean(),
    )
    for name, A, names in (
        ("real test digits", X_test, y_test),
        ("drawn", drawn, meant),
        ("class means", mean_digits, meant),
    )
}
print("                    recognised   variance   nearest training digit")
for name, (share, variance, far) in examined.items():
    print(f"{name:20s}{share:10.2f}{variance:11.2f}{far:25.2f}")

# %% tags=["checks"]
verify_at_least(
    "recognised: drawn, class means",
    [examined["drawn"][0], examined["class means"][0]],
    0.9,
)
kept_share = np.sum(lam[:15]) / np.sum(lam)
verify(
    "variance of the drawn digits over the training digits': that of 15 components",
    examined["drawn"][1] / X_train.var(0).sum(),
    kept_share,
    rtol=0.05,
)

# %% [markdown]
r"""
(occams-razor)=
### Occam's razor

Among explanations that are equally good take the simplest. To make a rule of it, say what "equally good" means: within one standard error of the best, in [cross-validation](#train-dev-test-split) {cite:p}`breiman1984`. For 200 sets of 40 points of a parabola, polynomials of degree 1 to 10, fitted three ways: the smallest degree within one standard error, the degree with the smallest cross-validated error, the degree that fits best. (The means are carried by the few sets where a high degree was chosen.)
"""


# %% tags=["set-up"]
def razor(rng):
    """Degree by the razor, and the errors of razor, minimum and best fit."""
    x, folds = rng.uniform(-1, 1, 40), np.arange(40) % 5
    y = 1 - 2 * x**2 + 0.5 * rng.normal(size=40)
    B, B_fine = (np.polynomial.chebyshev.chebvander(v, 10) for v in (x, fine_grid))
    held = np.empty((40, 10))
    for k in range(5):
        learn, test = folds != k, folds == k
        for d in range(1, 11):
            w = np.linalg.lstsq(B[learn, : d + 1], y[learn], rcond=None)[0]
            held[test, d - 1] = (B[test, : d + 1] @ w - y[test]) ** 2
    by_fold = np.array([held[folds == k].mean(0) for k in range(5)])
    cv, se = by_fold.mean(0), by_fold.std(0, ddof=1) / math.sqrt(5)
    degrees = 1 + np.argmax(cv <= cv.min() + se[cv.argmin()]), 1 + cv.argmin(), 10
    errors = []
    for d in degrees:
        w = np.linalg.lstsq(B[:, : d + 1], y, rcond=None)[0]
        errors.append(np.mean((B_fine[:, : d + 1] @ w - 1 + 2 * fine_grid**2) ** 2))
    return degrees[0], *errors


fine_grid, rng = np.linspace(-1, 1, 101), np.random.default_rng(39)
razors = np.array([razor(rng) for _ in range(200)])
print(
    "median error: razor {:.4f}, minimum {:.4f}, best fit {:.4f}".format(
        *np.median(razors[:, 1:], 0)
    )
)
print(
    "mean error:   razor {:.4f}, minimum {:.4f}, best fit {:.4f}".format(
        *razors[:, 1:].mean(0)
    )
)

# %% tags=["checks"]
verify(
    "the razor's commonest degree",
    np.bincount(razors[:, 0].astype(int)).argmax(),
    2,
    atol=0,
)
better = np.log(razors[:, 2] / razors[:, 1])
verify_at_least(
    "minimum over razor, mean of the logarithm, in standard errors",
    better.mean() / (better.std(ddof=1) / math.sqrt(200)),
    3.0,
)

# %% [markdown]
r"""
(parametric-curve-representation)=
### Explicit and parametric curves

Points on a circle are the graph of *no* function $y(x)$. As a curve $(x(t),y(t))=(r\cos t,r\sin t)$ they are linear in two features of $t$. But $t$ is not given with the points: it has to be found, here as the angle seen from the mean, and that is the real work. Nor is it unique: a line is traced by $t$ and by $2t+1$.
"""

# %% tags=["checks"]
rng = np.random.default_rng(40)
t_hidden = rng.uniform(0, 2 * np.pi, 100)
circle = 2 * np.c_[np.cos(t_hidden), np.sin(t_hidden)] + 0.05 * rng.normal(
    size=(100, 2)
)
by_x = [
    explained(circle[:, 1], np.polyval(np.polyfit(*circle.T, k), circle[:, 0]))
    for k in range(1, 6)
]
verify_at_most("points on a circle: explained by y(x), degrees 1 to 5", by_x, 0.15)
t_found = np.arctan2(*(circle - circle.mean(0)).T[::-1])
basis = np.c_[np.cos(t_found), np.sin(t_found), np.ones(100)]
verify_at_least(
    "explained by a curve whose parameter was found from the points",
    explained(circle, basis @ np.linalg.lstsq(basis, circle, rcond=None)[0]),
    0.99,
)

# %% [markdown]
r"""
(pixel-basis-synthesis)=
### One feature for each pixel

With the indicator images $e_i$ of the pixels, $x=\sum_i\lambda_ie_i$: the synthesis map is linear, and there are as many features as pixels. If there are fewer examples than features and no example is a weighted sum of the others, any labels can be explained, and in many ways: thirty digits leave at least 34 of the 64 directions of the weights undetermined. Weights that agree on the thirty disagree on the next digit.
"""

# %% tags=["checks"]
rng = np.random.default_rng(41)
free = linalg.null_space(X_train[:30])  # (64, free directions)
tossed = rng.integers(2, size=30)
w = np.linalg.lstsq(X_train[:30], tossed, rcond=None)[0]
other = w + free @ rng.normal(size=free.shape[1])
verify(
    "labels by tossing a coin, explained by two sets of weights",
    np.stack([X_train[:30] @ w, X_train[:30] @ other]),
    np.tile(tossed, (2, 1)),
    atol=1e-8,
)
verify_at_least(
    "the same weights on new digits: mean squared disagreement",
    np.mean((X_test @ (w - other)) ** 2),
    0.1,
)

# %% [markdown]
r"""
**Forty examples, 400 features.** Pixels are one case of many features for few examples. For a cleaner one let a number be asked, $y=\sum_{i\le400}\beta_ix_i$ plus a little noise ($\sigma=0.1$), all $\beta_i=\frac1{20}$, so $\sum\beta_i^2=1$. We use the first $p$ features and least squares (when $p>40$, of all perfect fits the one with the smallest weights). For Gaussian features the mean squared error on new data is known {cite:p}`belkin2020`. With $B_{\text{in}}=\frac p{400}$ the part of $\sum\beta_i^2$ that is used and $B_{\text{out}}=1-B_{\text{in}}$,

$$
\bigl(B_{\text{out}}+\sigma^2\bigr)\Bigl(1+\frac p{n-p-1}\Bigr)-\sigma^2\quad(p<n-1),\qquad B_{\text{in}}\Bigl(1-\frac np\Bigr)+B_{\text{out}}+\bigl(B_{\text{out}}+\sigma^2\bigr)\frac n{p-n-1}\quad(p>n+1).
$$ (eq-df-peak)

Two baselines: predict 0, whose error is $\sum\beta_i^2=1$; and use all 400.
"""


# %% tags=["set-up"]
def least_squares_error(p, n, sigma, rng):
    """Error on new data (without their noise) of the smallest least-squares weights."""
    beta = np.full(400, 1 / 20)
    X = rng.normal(size=(n, 400))
    w = np.zeros(400)
    w[:p] = np.linalg.lstsq(
        X[:, :p], X @ beta + sigma * rng.normal(size=n), rcond=None
    )[0]
    return np.sum((w - beta) ** 2)


def peak_theory(p, n, sigma):
    used = p / 400
    left = 1 - used + sigma**2
    if p < n - 1:
        return left * (1 + p / (n - p - 1)) - sigma**2
    return used * (1 - n / p) + (1 - used) + left * n / (p - n - 1)


rng = np.random.default_rng(15)
ps = [2, 5, 10, 20, 30, 50, 80, 120, 200, 300, 400]
peak = np.array([[least_squares_error(p, 40, 0.1, rng) for _ in range(60)] for p in ps])
print("features p    ", *(f"{p:5d}" for p in ps))
print("error, mean   ", *(f"{v:5.2f}" for v in peak.mean(1)))
print("standard error", *(f"{v:5.2f}" for v in peak.std(1, ddof=1) / math.sqrt(60)))
print("theory        ", *(f"{peak_theory(p, 40, 0.1):5.2f}" for p in ps))
print("predict zero  ", *(f"{1:5.2f}" for p in ps))

# %% [markdown]
r"""
Up to 200 features every choice is worse than not looking at all. "A few good features" would be bad advice here, "as many as examples" the worst, and the best of the table uses *all 400* and saves a tenth. That is all that forty examples can say about four hundred equally important numbers: without a prior (that few of them matter, or that all matter alike) there is little to learn. Had we drawn only the curve, and not the line at 1, we would have praised the five features for beating twenty.
"""

# %% tags=["checks"]
for p, runs in zip((10, 20, 120, 400), peak[[2, 3, 7, 10]]):
    verify_within_se(
        f"least squares with {p} of 400 features: error against theory",
        runs,
        peak_theory(p, 40, 0.1),
    )

# %% [markdown]
r"""
(embedding-space)=
### Embedding and embedding space

Things may be written as points of $\mathbb R^n$ in many ways, by their pixels or by codes inside a network; such a way is called an *embedding*, and $\mathbb R^n$ the embedding space. How few numbers do depends on how rich the map back is allowed to be. With two numbers for each digit, a network of 64, 2 and 64 hidden units draws better than the two principal components; it has some forty times as many parameters and needs training.
"""

# %% tags=["set-up"]
from sklearn.neural_network import MLPRegressor

waist = MLPRegressor(
    hidden_layer_sizes=(64, 2, 64),
    activation="tanh",
    learning_rate_init=0.005,
    max_iter=100,
    batch_size=100,
    tol=0,
    n_iter_no_change=1000,
    random_state=0,
).fit(X_train, X_train)
two = centre + (X_test - centre) @ components[:2].T @ components[:2]
drawn_by = {
    "two components": share_of_error(two, X_test),
    "network": share_of_error(waist.predict(X_test), X_test),
}
print("error over the mean's:", *(f"{k} {v:.2f}  " for k, v in drawn_by.items()))

# %% tags=["checks"]
verify_at_most(
    "two numbers a digit: error of the network over the components', of the components over the mean's",
    [drawn_by["network"] / drawn_by["two components"], drawn_by["two components"]],
    0.9,
)

# %% [markdown]
r"""
(isometric-embeddings-of-a-sheet)=
### Many embeddings of one sheet

A sheet of paper can be rolled in many ways. As long as it is not stretched, lengths measured *along the sheet* stay: in formulas, the map $\phi$ into space has a Jacobian with $J^\top J=I$, so $\|\frac d{dt}\phi(\gamma(t))\|=\|J\dot\gamma\|=\|\dot\gamma\|$ for every curve $\gamma$ on the sheet. Straight distances through space change, and an embedding that stretches preserves neither.
"""


# %% tags=["picture"]
def rolled(u, v, turns):
    """The sheet [0, 3] × [0, 1] rolled to a tube by so many turns, (..., 3)."""
    if turns == 0:
        return np.stack([u, 0 * u, v], -1)
    k = 2 * np.pi * turns / 3  # 3 units of length make `turns` turns
    return np.stack([np.sin(k * u) / k, (1 - np.cos(k * u)) / k, v], -1)


length = lambda P: np.linalg.norm(np.diff(P, axis=0), axis=1).sum()
walk = np.linspace(0, 1, 2001)
walk = np.c_[0.2 + 2.6 * walk, 0.5 + 0.4 * np.sin(7 * walk)]


def roll_up(percent):
    turns = percent / 100
    fig = plt.figure(figsize=(6.8, 2.8))
    ax = fig.add_subplot(projection="3d")
    U, V = np.meshgrid(np.linspace(0, 3, 40), np.linspace(0, 1, 5))
    ax.plot_surface(*np.moveaxis(rolled(U, V, turns), -1, 0), color=plot.SKY, alpha=0.4)
    ax.plot(*rolled(*walk[::20].T, turns).T, color=plot.RED, lw=2)
    ends = rolled(np.array([0.0, 3.0]), np.zeros(2), turns)
    ax.plot(*ends.T, "--o", color="black", ms=4, lw=1)
    along, through = length(rolled(*walk.T, turns)), np.linalg.norm(ends[1] - ends[0])
    ax.set(xlim=(-1, 3), ylim=(-0.5, 2.5), zlim=(0, 1), xticks=[], yticks=[], zticks=[])
    ax.set_title(f"red curve {along:.2f}, corner to corner {through:.2f}")
    ax.set_box_aspect((4, 3, 1), zoom=1.3)
    return fig


explore(
    roll_up,
    alt="A sheet with a red wavy line that is rolled up to a tube; the length of the line in the title stays, the straight distance of two corners falls to zero",
    percent=[30, 0, 50, 70, 85, 100],
)

# %% tags=["checks"]
rng = np.random.default_rng(42)
spot, h = rng.uniform(0.1, 0.9, (2, 50)), 1e-5
J = np.stack(
    [
        (rolled(spot[0] + h, spot[1], 0.5) - rolled(spot[0] - h, spot[1], 0.5))
        / (2 * h),
        (rolled(spot[0], spot[1] + h, 0.5) - rolled(spot[0], spot[1] - h, 0.5))
        / (2 * h),
    ],
    -1,
)
verify(
    "half a tube: JᵀJ at fifty points",
    J.transpose(0, 2, 1) @ J,
    np.tile(np.eye(2), (50, 1, 1)),
    atol=1e-8,
)
roll, along_roll = datasets.make_swiss_roll(800, random_state=0)
unrolled = manifold.Isomap(n_neighbors=8, n_components=1).fit_transform(roll)[:, 0]
by_roll = [
    abs(stats.spearmanr(c, along_roll).statistic)
    for c in (unrolled, PCA(1).fit_transform(roll)[:, 0])
]
verify_at_least(
    "a rolled sheet: rank correlation of Isomap's coordinate with the way along it",
    by_roll[0],
    0.99,
)
verify_at_most("that of the widest direction", by_roll[1], 0.4)

# %% [markdown]
r"""
(relighting-example)=
### One object under a moving lamp

A convex matt object under distant light: a pixel with unit normal $n$ has the brightness $n^\top\ell$, where $\ell\in\mathbb R^3$ is direction times intensity. So, as long as nothing is turned away from the lamp, *all* its pictures lie in a space of three dimensions, however many pixels they have. With attached shadows, $\max(0,n^\top\ell)$, the dimension is full, but nine directions hold nearly all: the maximum acts as a smoothing filter on the sphere, and nearly all that passes lies in the first three orders of waves on a sphere, $1+3+5=9$ {cite:p}`basri2003`.
"""

# %% tags=["checks"]
side = np.linspace(-1, 1, 32)
gx, gy = np.meshgrid(side, side)
on = gx**2 + gy**2 < 1
normals = np.stack([gx[on], gy[on], np.sqrt(1 - gx[on] ** 2 - gy[on] ** 2)], -1)
lamps = np.random.default_rng(43).normal(size=(200, 3))
lamps /= np.linalg.norm(lamps, axis=1, keepdims=True)
energy = np.cumsum(
    np.linalg.svd(np.maximum(0, lamps @ normals.T), compute_uv=False) ** 2
)
verify_at_least(
    "with shadows: energy in nine directions",
    energy[8] / energy[-1],
    0.98,
    source="basri2003",
)
verify_at_most("with shadows: energy in three directions", energy[2] / energy[-1], 0.97)
verify_at_least(
    "with shadows: rank of 200 pictures",
    np.linalg.matrix_rank(np.maximum(0, lamps @ normals.T)),
    100,
)

# %% [markdown]
r"""
(intrinsic-dimensionality)=
### Intrinsic dimension

How many numbers do the data need? It is rarely known. One estimate: count the pairs of points closer than $r$. On a curve their number grows like $r$, on a surface like $r^2$, in general like $r^k$, whatever the space around; so the slope of a double logarithmic plot is $k$ {cite:p}`grassberger1983`. It depends on the scale at which one looks, and on noise, which fills all dimensions.
"""


# %%
def correlation_dimension(P, low=0.002, high=0.02):  # setting
    D = np.sort(spatial.distance.pdist(P))
    r = np.geomspace(*np.quantile(D, [low, high]), 12)
    return np.polyfit(np.log(r), np.log(np.searchsorted(D, r)), 1)[0]


# %% tags=["checks"]
rng = np.random.default_rng(44)
frame = np.linalg.qr(rng.normal(size=(20, 20)))[0]
angles = rng.uniform(0, 2 * np.pi, (1200, 3))
known = [
    rng.uniform(size=(1200, 1)) * frame[0],
    datasets.make_swiss_roll(1200, random_state=1)[0] @ frame[:3],
    np.c_[np.cos(angles), np.sin(angles)] @ frame[:6],
]
verify(
    "a segment, a rolled sheet, three angles, all in twenty dimensions",
    [correlation_dimension(P) for P in known],
    [1, 2, 3],
    atol=0.3,
)
noisy_segment = known[0] + 0.02 * rng.normal(size=(1200, 20))
verify_at_least(
    "the segment with a little noise, looked at closely",
    correlation_dimension(noisy_segment, 0.0002, 0.002),
    2.0,
)

# %% [markdown]
r"""
(dimensionality-reduction-vs-deep-learning)=
### Manifold learning and learned maps

Manifold learning asks for coordinates of *given* points such that neighbours stay neighbours; a trained encoder is a *map*, fitted to a task, that can be applied to any new point. The border is not sharp. Plain t-SNE gives coordinates only, but PCA, Isomap and others do extend to new points, and networks can be trained to the same aims. What a learned map has to show is that it does as well on new examples as on those it was fitted to.
"""

# %% tags=["checks"]
new_to_old = [np.mean((waist.predict(A) - A) ** 2) for A in (X_test, X_train)]
verify(
    "an encoder with two codes: error on new digits over that on known ones",
    new_to_old[0] / new_to_old[1],
    1.0,
    atol=0.15,
)
old_roll, new_roll = (datasets.make_swiss_roll(800, random_state=k) for k in (0, 1))
extended = manifold.Isomap(n_neighbors=8, n_components=1).fit(old_roll[0])
verify_at_least(
    "Isomap on points that it was not fitted to: rank correlation",
    abs(stats.spearmanr(extended.transform(new_roll[0])[:, 0], new_roll[1]).statistic),
    0.95,
)

# %% [markdown]
r"""
(task-driven-features)=
### A feature is one for a task

The colour of a playing card decides whether it is red, tells something about whether it is a heart, and nothing about whether it is above seven. In bits ([mutual information](#pr-mutual-information)): red and colour share 1 bit. A heart is a quarter of the pack, which takes $2-\frac34\log_23$ bits to tell; once the colour is known, one half of the pack needs 1 bit and the other none.
"""

# %% tags=["checks"]
pack = [
    (suit, rank) for suit in range(4) for rank in range(1, 14)
]  # suits 0, 1 are red
colour = np.array([suit < 2 for suit, _ in pack])
questions = {
    "is it red": colour,
    "is it a heart": np.array([suit == 0 for suit, _ in pack]),
    "is it above seven": np.array([rank > 7 for _, rank in pack]),
}
bits = [
    metrics.mutual_info_score(colour, asked) / math.log(2)
    for asked in questions.values()
]
verify(
    "bits that colour has about three questions",
    bits,
    [1, (2 - 0.75 * math.log2(3)) - 0.5, 0],
    atol=1e-12,
)

# %% [markdown]
r"""
(end-to-end-learning)=
### End-to-end learning

A general learner should be *flexible* (put together from modules, few assumptions), *adaptive* (a family with parameters, fitted in one generic way) and let width and depth trade power against cost. The check runs one recipe on three problems, changing only the sizes and the loss: naming digits, the course of a disease from ten measurements, and squeezing digits through 16 numbers. Each is set against the answer that does not look, and against a *linear* model, which wins where examples are few and noisy, and, on the training digits, always in squeezing: with a linear output no network of 16 units leaves less over than 16 principal components.
"""

# %% tags=["set-up"]
patients = data.diabetes()
recipe = dict(learning_rate_init=0.003, max_iter=60, random_state=0)
sick = MLPRegressor(hidden_layer_sizes=(16,), **recipe).fit(
    patients.X_train, patients.y_train
)
line = linear_model.LinearRegression().fit(patients.X_train, patients.y_train)
squeeze = MLPRegressor(hidden_layer_sizes=(16,), **recipe).fit(X_train, X_train)
read = MLPClassifier((32,), **recipe).fit(X_train, y_train)
of_mean = np.mean((patients.y_train.mean() - patients.y_test) ** 2)
sixteen = centre + (X_test - centre) @ components[:16].T @ components[:16]
recipes = {
    "name digits": (
        (1 - read.score(X_test, y_test)) / (1 - commonest),
        (1 - logistic.score(X_test, y_test)) / (1 - commonest),
    ),
    "disease": [
        np.mean((m.predict(patients.X_test) - patients.y_test) ** 2) / of_mean
        for m in (sick, line)
    ],
    "squeeze": (
        share_of_error(squeeze.predict(X_test), X_test),
        share_of_error(sixteen, X_test),
    ),
}
print("error over that of not looking     network   linear")
for name, (network, linear) in recipes.items():
    print(f"{name:33s}{network:9.2f}{linear:9.2f}")

# %% tags=["checks"]
verify_at_most(
    "one recipe, three problems: error over that of not looking",
    [v[0] for v in recipes.values()],
    0.75,
)
units = np.maximum(X_train @ squeeze.coefs_[0] + squeeze.intercepts_[0], 0)
units = np.c_[units, np.ones(1400)]  # with the best output layer there is:
redrawn = units @ np.linalg.lstsq(units, X_train, rcond=None)[0]
verify_at_least(
    "known digits: left over by 16 units, by them with the best output; over components'",
    [share_of_error(A, X_train) for A in (squeeze.predict(X_train), redrawn)]
    / (1 - lam[:16].sum() / lam.sum()),
    1.0,
)

# %% [markdown]
r"""
(representation-reuse)=
### Features used again

Layers trained for one task can serve another that has few examples. A hidden layer of 64 units is trained on all ten names, frozen, and used to learn *odd or even* from twenty labels. The controls: the pixels, and an untrained layer of the same size. (The gain is bought: the first task had 1,400 labels, and who knows the ten names knows odd and even.) And a warning: a layer trained on 0 to 4 only, used to tell 5 to 9 apart from 25 labels, is worse than the pixels, and no better than the dice.
"""


# %% tags=["set-up"]
def layer(weights, biases):
    return lambda A: np.maximum(A @ weights + biases, 0)


def trained_layer(rows):
    net = MLPClassifier((64,), learning_rate_init=0.01, max_iter=30, random_state=0)
    net.fit(X_train[rows], y_train[rows])
    return layer(net.coefs_[0], net.intercepts_[0])


def from_few(view, task, train_rows, test_rows, n, rng):
    some = rng.choice(np.flatnonzero(train_rows), n, replace=False)
    model = linear_model.LogisticRegression(max_iter=300)
    model.fit(view(X_train[some]), task(y_train[some]))
    return model.score(view(X_test[test_rows]), task(y_test[test_rows]))


untrained = layer(np.random.default_rng(45).normal(0, (2 / 64) ** 0.5, (64, 64)), 0)
everything, high_train, high_test = y_train >= 0, y_train >= 5, y_test >= 5
transfers = {}
for name, base, task, train_rows, test_rows, n in (
    (
        "odd or even, 20 labels",
        everything,
        lambda y: y % 2,
        everything,
        y_test >= 0,
        20,
    ),
    (
        "5 to 9 after 0 to 4, 25 labels",
        ~high_train,
        lambda y: y,
        high_train,
        high_test,
        25,
    ),
):
    views = {
        "pixels": lambda A: A,
        "untrained": untrained,
        "trained": trained_layer(base),
    }
    transfers[name] = {
        view: np.array(
            [
                from_few(f, task, train_rows, test_rows, n, np.random.default_rng(seed))
                for seed in range(20)
            ]
        )
        for view, f in views.items()
    }
    print(f"{name:32s}", *(f"{v} {s.mean():.2f}  " for v, s in transfers[name].items()))

# %% tags=["checks"]
odd, high_five = transfers.values()
in_errors = lambda gain: gain.mean() / (gain.std(ddof=1) / math.sqrt(20))
verify_at_least(
    "in standard errors, paired: odd or even, trained above pixels; 5 to 9, pixels above trained",
    [
        in_errors(odd["trained"] - odd["pixels"]),
        in_errors(high_five["pixels"] - high_five["trained"]),
    ],
    4.0,
)
verify_at_least(
    "odd or even: trained above untrained, in standard errors",
    in_errors(odd["trained"] - odd["untrained"]),
    4.0,
)
