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
r"""
(data-and-features-chapter)=
# Data and features

Here is a report on four sets of measurements. In each, $x$ has mean 9 and variance 11, $y$ has mean 7.50 and variance 4.12, their correlation is 0.816, and the line that fits best is $y=3.00+0.50\,x$. Do the four sets say the same? Decide before you scroll.
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

# %%
import itertools
import math
import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy import integrate, linalg, optimize, spatial, stats
from sklearn import datasets, linear_model, manifold, metrics, model_selection
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import KNNImputer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from helpers import (
    data,
    exercise,
    explore,
    headline,
    plot,
    verify,
    verify_at_least,
    verify_at_most,
    verify_within_se,
)

plot.style()
warnings.simplefilter("ignore", ConvergenceWarning)  # short trainings, on purpose

# %% [markdown]
"""
(anscombe-quartet)=
The four sets are {cite:t}`anscombe1973`'s. He typed in forty-four numbers, and so do we.
"""

# %%
x123 = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
quartet = [
    np.array(s, dtype=float)
    for s in (
        [x123, [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]],
        [x123, [9.14, 8.14, 8.74, 8.77, 9.26, 8.10, 6.13, 3.10, 9.13, 7.26, 4.74]],
        [x123, [7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73]],
        [
            [8, 8, 8, 8, 8, 8, 8, 19, 8, 8, 8],
            [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.50, 5.56, 7.91, 6.89],
        ],
    )
]


def report(x, y):
    """Means, variances, correlation, and the least-squares line."""
    slope, offset = np.polyfit(x, y, 1)
    return np.array(
        [
            x.mean(),
            y.mean(),
            x.var(ddof=1),
            y.var(ddof=1),
            np.corrcoef(x, y)[0, 1],
            offset,
            slope,
        ]
    )


for name, (x, y) in zip(("I", "II", "III", "IV"), quartet):
    verify(
        f"Anscombe's set {name}: means, variances, correlation, line",
        report(x, y),
        [9, 7.50, 11, 4.12, 0.816, 3.00, 0.50],
        atol=0.01,
    )

# %% mystnb={"image": {"alt": "Four scatter plots with the same straight line: a noisy line, a clean arch, a clean line with one outlier, and a vertical stack with one point far to the right."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(6.8, 2.3), sharey=True)
for ax, name, (x, y) in zip(axes, ("I", "II", "III", "IV"), quartet):
    ax.plot(x, y, "o", ms=4, color=plot.BLUE)
    ax.plot([3, 20], [4.5, 13], color=plot.GREY, lw=1)
    ax.set(title=name, xlabel="$x$")
axes[0].set_ylabel("$y$")
plt.show()

# %% [markdown]
r"""
A noisy line; a curve; a clean line and one mistake; and no relation at all, only one point that decides everything. The report was right about each of them and told us nothing. Set II is in fact a parabola, nearly to the last digit:
"""

# %%
x, y = quartet[1]
line, parabola = (np.sum((np.polyval(np.polyfit(x, y, k), x) - y) ** 2) for k in (1, 2))
verify("Anscombe's set II: squares left over by a line", line, 13.8, atol=0.05)
verify("… by a parabola", parabola, 2.2e-5, rtol=0.05)
x, y = np.delete(quartet[3], 7, axis=1)
verify("set IV without one point: variance of x", x.var(), 0.0, atol=1e-12)

# %% [markdown]
r"""
So this book begins with looking. By the end of the chapter you will be able to

- **make** data sets that look different and share every number of a report,
- **name** what a learning problem gives and asks, with a baseline for each,
- **state** what a prior is worth, in parameters and in errors,
- **predict** how distances and angles behave in a thousand dimensions, and why learning works there all the same,
- **tell** a feature from a coordinate, and **simulate** three ways in which a data set misleads.

Nothing is needed but school mathematics and some Python; what later chapters explain is only used here. All cells together run in about half a minute on one core.

## Look at the data

(look-at-the-data)=
A mean, a deviation and a correlation *compress* a cloud of points to five numbers. How many clouds have the same five? To find out, move a cloud around: an affine map $z\mapsto\mu^*+A(z-\bar z)$ gives it any mean $\mu^*$, and turns the covariance $C$ into $ACA^\top$.

(moment-matched-clouds-datasaurus)=
Take [Cholesky factors](#eq-la-cholesky) $C=LL^\top$ and $C^*=L^*L^{*\top}$ of the covariance it has and of the one it should have. Then $A=L^*L^{-1}$ does it:

$$
ACA^\top=L^*L^{-1}\,LL^\top\,L^{-\top}L^{*\top}=C^* .
$$ (eq-df-match)

*Every* cloud that does not lie on a line can be given any mean and covariance, exactly.
"""


# %%
def matched(Z, mean, C):
    """The affine image of the cloud Z (n, 2) with this mean and covariance."""
    L = np.linalg.cholesky(np.cov(Z.T))
    A = np.linalg.cholesky(C) @ np.linalg.inv(L)
    return mean + (Z - Z.mean(0)) @ A.T


rng, t = np.random.default_rng(1), 2 * np.pi * np.arange(500) / 500
wobble = 0.02 * rng.normal(size=(500, 2))
points_ = abs((5 * t / np.pi) % 2 - 1)  # five times from tip to notch and back
star = (0.4 + 0.6 * points_)[:, None] * np.c_[np.cos(t), np.sin(t)]
shapes = {
    "cross": np.where(
        np.arange(500)[:, None] % 2, np.c_[t - 3, 0 * t], np.c_[0 * t, t - 3]
    ),
    "parabola": np.c_[t - np.pi, (t - np.pi) ** 2],
    "circle": np.c_[np.cos(t), np.sin(t)],
    "star": star,
    "blob": rng.normal(size=(500, 2)),
}
mean, C = np.array([5.0, 3.0]), np.array([[1.0, -0.1], [-0.1, 1.5]])
clouds = {name: matched(Z + wobble, mean, C) for name, Z in shapes.items()}
for name, Z in clouds.items():
    verify(
        f"{name}: mean and covariance as asked",
        np.r_[Z.mean(0), np.cov(Z.T).ravel()],
        np.r_[mean, C.ravel()],
        atol=1e-12,
    )

# %% mystnb={"image": {"alt": "Five clouds with equal means and covariances: a cross, a parabola, an ellipse, a five-pointed star and a shapeless blob."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 5, figsize=(6.8, 1.9), sharex=True, sharey=True)
for ax, (name, Z) in zip(axes, clouds.items()):
    ax.plot(*Z.T, ".", ms=2, color=plot.BLUE)
    ax.set(title=name, xticks=[], yticks=[])
    ax.grid(False)
plt.show()

# %% [markdown]
r"""
Five drawings, one report. The five numbers cannot tell a circle from noise; another *question* can, for instance how far the points are from the middle.
"""


# %%
def same_summary(A, B, decimals=2):
    """Do means, standard deviations and correlation agree to so many decimals?"""
    summary = lambda Z: np.r_[Z.mean(0), Z.std(0, ddof=1), np.corrcoef(Z.T)[0, 1]]
    return bool(np.all(abs(summary(A) - summary(B)) < 0.5 * 10.0**-decimals))


pairs = list(itertools.combinations(clouds.values(), 2))
verify(
    "ten pairs of clouds: how many share the report to two decimals",
    sum(same_summary(A, B) for A, B in pairs),
    10,
)
verify(
    "a cloud moved by 0.02 does not",
    same_summary(pairs[0][0], pairs[0][0] + 0.02),
    False,
)
radius = lambda Z: np.linalg.norm(
    np.linalg.solve(np.linalg.cholesky(C), (Z - mean).T), axis=0
)
difference = stats.ks_2samp(radius(clouds["circle"]), radius(clouds["blob"]))
verify_at_most(
    "distances from the middle, circle against blob: p-value of their "
    "distributions being equal",
    difference.pvalue,
    1e-6,
)

# %% [markdown]
r"""
The famous demonstration is a dinosaur {cite:p}`matejka2017`. We draw a fish. Start with a blob of 150 points. Again and again push one point a little, and keep the move if it brings the point nearer to the drawing (now and then also if not: *annealing*) *and* no number of the report changes in its first two decimals. Drag the slider: the picture changes completely, the report not at all.
"""

# %%
u = 2 * np.pi * np.arange(300) / 300
body = np.c_[5 + 2.2 * np.cos(u) - 0.4, 3 + 1.1 * np.sin(u)]
tail = np.r_[
    np.linspace([6.7, 3], [8, 4.3], 60),
    np.linspace([8, 4.3], [8, 1.7], 60),
    np.linspace([8, 1.7], [6.7, 3], 60),
]
eye = np.c_[3.3 + 0.15 * np.cos(u[::10]), 3.4 + 0.15 * np.sin(u[::10])]
fish = np.r_[body, tail, eye]

side = np.linspace(-1, 11, 400)  # distance to the drawing, tabulated on a grid
grid = np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
far = spatial.cKDTree(fish).query(grid)[0].reshape(400, 400).tolist()


def anneal(Z, steps, keep, rng):
    """Move points to the drawing without changing the report; {step: cloud}."""
    n, x, y = len(Z), Z[:, 0].tolist(), Z[:, 1].tolist()
    sums = [
        sum(x),
        sum(y),
        sum(a * a for a in x),
        sum(b * b for b in y),
        sum(a * b for a, b in zip(x, y)),
    ]

    def rounded(s):
        mx, my = s[0] / n, s[1] / n
        vx, vy = s[2] / n - mx * mx, s[3] / n - my * my
        r = (s[4] / n - mx * my) / math.sqrt(vx * vy)
        return [round(100 * v) for v in (mx, my, math.sqrt(vx), math.sqrt(vy), r)]

    place = lambda v: min(399, max(0, int((v + 1) / 12 * 399 + 0.5)))
    report, kept = rounded(sums), {0: Z.copy()}
    who = rng.integers(n, size=steps).tolist()
    push, luck = (
        rng.normal(0, 0.12, (steps, 2)).tolist(),
        rng.uniform(size=steps).tolist(),
    )
    for t in range(steps):
        k, (dx, dy) = who[t], push[t]
        a, b, c, d = x[k], y[k], x[k] + dx, y[k] + dy
        gain = far[place(a)][place(b)] - far[place(c)][place(d)]
        if gain > 0 or luck[t] < 0.02 * (1 - t / steps):
            trial = [
                sums[0] + dx,
                sums[1] + dy,
                sums[2] + c * c - a * a,
                sums[3] + d * d - b * b,
                sums[4] + c * d - a * b,
            ]
            if rounded(trial) == report:
                x[k], y[k], sums = c, d, trial
        if t + 1 in keep:
            kept[t + 1] = np.c_[x, y]
    return kept


rng = np.random.default_rng(2)
outline = fish[rng.choice(len(fish), 150)]
blob = matched(rng.normal(size=(150, 2)), outline.mean(0), np.cov(outline.T))
history = anneal(blob, 60_000, [2000, 5000, 10_000, 20_000, 35_000, 60_000], rng)


# %% tags=["hide-input"]
def swim(steps):
    Z = history[steps]
    fig, (ax, text) = plt.subplots(1, 2, figsize=(6.8, 3.2), width_ratios=(3, 1))
    ax.plot(*Z.T, ".", ms=5, color=plot.BLUE)
    ax.set(xlim=(1.5, 8.8), ylim=(0.6, 5.2), aspect="equal", title=f"{steps} pushes")
    text.axis("off")
    numbers = np.r_[Z.mean(0), Z.std(0), np.corrcoef(Z.T)[0, 1]]
    names = ("mean $x$", "mean $y$", "sd $x$", "sd $y$", "corr.")
    text.text(
        0,
        0.5,
        "\n".join(f"{name}  {v:.2f}" for name, v in zip(names, numbers)),
        va="center",
        fontsize=12,
        linespacing=1.8,
    )
    return fig


explore(
    swim,
    alt="A shapeless cloud of points that turns into the outline of a fish as the pushes go on, while the five numbers printed beside it stay the same",
    steps=[60_000, 0, 2000, 5000, 10_000, 20_000, 35_000],
)

# %%
stages = np.array(
    [np.r_[Z.mean(0), Z.std(0), np.corrcoef(Z.T)[0, 1]] for Z in history.values()]
)
verify(
    "blob to fish, seven stages: the five numbers, in hundredths",
    np.round(100 * stages).astype(int),
    np.tile(np.round(100 * stages[0]).astype(int), (7, 1)),
)
verify_at_most(
    "mean distance from the drawing: fish over blob",
    spatial.cKDTree(fish).query(history[60_000])[0].mean()
    / spatial.cKDTree(fish).query(blob)[0].mean(),
    0.1,
)

# %% [markdown]
r"""
(hard-to-visualise-data)=
### When there is nothing to see

Some data have too many coordinates to be plotted, some nobody can get at, some exist only inside a model. Then one looks at a *projection*. The 1797 handwritten digits that accompany this book are points in 64 dimensions. Their two [principal components](#singular-value-decomposition), the directions of largest variance, hold less than a third of it, and yet the classes begin to part.
"""

# %%
D, labels = datasets.load_digits(return_X_y=True)
pca = PCA(2).fit(D)
plane = pca.transform(D)  # (1797, 2)
_, s, _ = np.linalg.svd(D - D.mean(0), full_matrices=False)
verify(
    "digits: share of the variance in two principal components",
    pca.explained_variance_ratio_.sum(),
    0.285,
    atol=0.005,
)
verify(
    "… from the singular values",
    np.sum(s[:2] ** 2) / np.sum(s**2),
    pca.explained_variance_ratio_.sum(),
    rtol=1e-9,
)
nearest = KNeighborsClassifier(1)
verify_at_least(
    "digits in the plane: accuracy of the nearest neighbour, where guessing has 0.1",
    model_selection.cross_val_score(nearest, plane, labels).mean(),
    0.5,
)

# %% mystnb={"image": {"alt": "The digits projected to a plane, one colour for each of the classes 0 to 9: some clusters stand alone, such as 0, 4 and 6, others overlap in the middle."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3.4))
for k in range(10):
    ax.plot(*plane[labels == k].T, ".", ms=3, color=plt.cm.tab10(k))
    ax.text(
        *plane[labels == k].mean(0),
        str(k),
        fontsize=15,
        weight="bold",
        ha="center",
        va="center",
        bbox=dict(boxstyle="circle,pad=0.15", fc="white"),
    )
ax.set(xlabel="first component", ylabel="second component")
plt.show()
# %% [markdown]
r"""
(ml-task-taxonomy)=
## What is given, what is asked

A learning problem is a space of inputs, a space of outputs and a loss. Change one of them and the same data pose another problem. Here are the digits in nine roles; each line of the table is a small experiment below, with a simple model and with the *baseline* of somebody who ignores the input.

| task | from | to | score |
|---|---|---|---|
| classification | 64 grey values | one of ten classes | accuracy |
| the same with missing inputs | some of the 64 | class | accuracy |
| imputation | some of the 64 | the others | squared error |
| structured output | upper half | lower half, 32 numbers at once | squared error |
| regression | 64 grey values | a number, say the amount of ink on the left | squared error |
| transcription | a strip of four digits | four symbols | whole strips right |
| denoising | a noisy image | the clean one | squared error |
| anomaly detection | 64 grey values | how unusual? | order (AUC) |
| synthesis, density estimation | nothing, or a class | a new image; its probability | do others recognise it? |
"""

# %%
X, y = D / 16, labels
X_train, X_test, y_train, y_test = model_selection.train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=0
)
logistic = linear_model.LogisticRegression(max_iter=300)
full = logistic.fit(X_train, y_train).score(X_test, y_test)
ink = lambda X: X.reshape(-1, 8, 8)[:, :, :3].sum((1, 2))
right_part = lambda X: X.reshape(-1, 8, 8)[:, :, 3:].reshape(len(X), -1)
by_rest = linear_model.Ridge(1.0).fit(right_part(X_train), ink(X_train))
r2 = by_rest.score(right_part(X_test), ink(X_test))
verify_at_least(
    "classification of digits: accuracy of logistic regression, baseline 0.1",
    full,
    0.95,
)
verify_at_least(
    "regression, ink of the left from the rest: explained variance, baseline 0", r2, 0.3
)

# %% [markdown]
r"""
(classification-with-missing-inputs)=
(missing-value-imputation)=
**Missing inputs.** Hide 30 % of the pixels at random. A classifier made for complete images that is fed zeros instead takes them for white paper. Two ways out: fill the holes first (*imputation*), or use a joint model $p(x,y)$ and integrate over what is missing,

$$
p(y\mid x_{\text{obs}})\propto\int p(x_{\text{obs}},x_{\text{mis}},y)\,dx_{\text{mis}} .
$$ (eq-df-missing)

For a Gaussian class model the integral is easy: strike the missing rows and columns of the covariance. And under squared error the best filling is the *conditional mean*; split the covariance into blocks, and it is linear in what was observed,

$$
\mathbb E[x_{\text{mis}}\mid x_{\text{obs}}]=\mu_{\text{mis}}+\Sigma_{\text{mo}}\Sigma_{\text{oo}}^{-1}(x_{\text{obs}}-\mu_{\text{obs}}).
$$ (eq-df-impute)
"""

# %%
rng = np.random.default_rng(3)
hole = {
    name: rng.random(A.shape) < 0.3
    for name, A in (("train", X_train), ("test", X_test))
}
average = X_train.mean(0)
mean_filled = {
    "train": np.where(hole["train"], average, X_train),
    "test": np.where(hole["test"], average, X_test),
}
Sigma = np.cov(X_train.T) + 1e-3 * np.eye(64)


def conditional_mean(x, hidden):
    """Fill the hidden entries of one image by the Gaussian conditional mean."""
    x, o, m = x.copy(), ~hidden, hidden
    x[m] = average[m] + Sigma[np.ix_(m, o)] @ np.linalg.solve(
        Sigma[np.ix_(o, o)], x[o] - average[o]
    )
    return x


gauss_filled = np.array([conditional_mean(x, h) for x, h in zip(X_test, hole["test"])])
knn = KNNImputer(n_neighbors=5).fit(X_train)
knn_filled = knn.transform(np.where(hole["test"], np.nan, X_test))
rmse = lambda filled: np.sqrt(np.mean((filled - X_test)[hole["test"]] ** 2))
errors = {
    "mean": rmse(mean_filled["test"]),
    "neighbours": rmse(knn_filled),
    "Gaussian": rmse(gauss_filled),
}
print({name: round(e, 3) for name, e in errors.items()})
verify_at_most(
    "hidden pixels, neighbours and Gaussian: error over that of the mean",
    [errors["neighbours"] / errors["mean"], errors["Gaussian"] / errors["mean"]],
    0.75,
)

# %%
robust = linear_model.LogisticRegression(max_iter=300).fit(
    mean_filled["train"], y_train
)
zeros = logistic.score(np.where(hole["test"], 0, X_test), y_test)
verify_at_least(
    "30 % of the pixels missing: accuracy with means filled in",
    robust.score(mean_filled["test"], y_test),
    0.85,
)
verify_at_most("… of the classifier for complete images, fed zeros", zeros, 0.82)

A = rng.normal(size=(4, 4))
S, x = A @ A.T + np.eye(4), rng.normal(size=4)
marginal = integrate.quad(
    lambda v: stats.multivariate_normal.pdf([x[0], v, x[2], x[3]], np.zeros(4), S),
    -30,
    30,
    epsabs=1e-14,
)[0]
keep = [0, 2, 3]
verify(
    "a Gaussian with one coordinate integrated out: strike its row and column",
    marginal,
    stats.multivariate_normal.pdf(x[keep], np.zeros(3), S[np.ix_(keep, keep)]),
    rtol=1e-8,
)
draws = rng.multivariate_normal(np.zeros(4), S, 200_000)
regressed = np.linalg.lstsq(draws[:, keep], draws[:, 1], rcond=None)[0]
verify(
    "conditional mean: coefficients by the blocks, against regression on draws",
    np.linalg.solve(S[np.ix_(keep, keep)], S[keep, 1]),
    regressed,
    atol=0.02,
)


# %% tags=["hide-input"]
def knock_out(missing):
    hidden = np.random.default_rng(4).random((3, 64)) < missing
    fig, axes = plt.subplots(3, 3, figsize=(6.8, 4.2))
    for row, h, x in zip(axes.T, hidden, X_test[[0, 5, 8]]):
        shown = np.where(h, np.nan, x).reshape(8, 8)
        for ax, image in zip(
            row, (x.reshape(8, 8), shown, conditional_mean(x, h).reshape(8, 8))
        ):
            ax.imshow(image, cmap="Greys", vmin=0, vmax=1)
            ax.set_facecolor("#E8B7A0")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
    for ax, name in zip(axes[:, 0], ("true", "seen", "filled in")):
        ax.set_ylabel(name)
    return fig


explore(
    knock_out,
    alt="Three digits, what is left of them after a share of their pixels has been hidden, and the same with the holes filled by the conditional mean: recognisable up to eighty per cent",
    missing=[0.3, 0.0, 0.15, 0.5, 0.65, 0.8, 0.9],
)

# %% [markdown]
r"""
(structured-output)=
(transcription-task)=
**Answers with parts.** If the answer is a picture, its pixels depend on each other: predict the lower half of a digit from the upper one, all 32 numbers with one loss. If the answer is a *sequence*, it is right only if every symbol is. Would the symbols go wrong independently, a strip of length $L$ were right with probability $a^L$.
"""

# %%
top, bottom = X_train[:, :32], X_train[:, 32:]
lower = linear_model.Ridge(1.0).fit(top, bottom).predict(X_test[:, :32])
halves = np.mean((lower - X_test[:, 32:]) ** 2)
verify_at_most(
    "lower half from upper half: error over that of the mean lower half",
    halves / np.mean((bottom.mean(0) - X_test[:, 32:]) ** 2),
    0.75,
)

answers = logistic.predict(X_test) == y_test
strips = rng.integers(len(X_test), size=(5000, 4))
verify_within_se(
    "5000 strips of four digits: share without mistake, against a⁴",
    answers[strips].all(1).astype(float),
    answers.mean() ** 4,
)
strip = X_test[strips[0]].reshape(4, 8, 8).transpose(1, 0, 2).reshape(8, 32)
windows = np.stack([strip[:, 8 * k : 8 * k + 8].ravel() for k in range(4)])
verify(
    "the strip as one image, cut into windows: the same four answers",
    logistic.predict(windows),
    logistic.predict(X_test[strips[0]]),
)

# %% [markdown]
r"""
(denoising-task)=
**Denoising.** Add noise of standard deviation 0.25 and ask for the clean image. Clean digits live near few directions, noise in all 64. Keep the first $k$ principal components: too few blur, too many let the noise back in.
"""

# %%
noisy = X_test + 0.25 * rng.normal(size=X_test.shape)
_, _, Vt = np.linalg.svd(X_train - average, full_matrices=False)


def denoised(k):
    return average + (noisy - average) @ Vt[:k].T @ Vt[:k]


curve = np.array([np.mean((denoised(k) - X_test) ** 2) for k in range(65)])
along = (X_test - average) @ Vt.T  # coordinates along the components
lost = np.array([np.mean(np.sum(along[:, k:] ** 2, axis=1)) / 64 for k in range(65)])
verify("noise as it comes: mean squared error", curve[64], 0.25**2, rtol=0.02)
verify_at_most("15 components: mean squared error", curve[15], 0.035)
verify(
    "error with k components: what they miss, and noise in k of 64 directions",
    curve,
    lost + 0.25**2 * np.arange(65) / 64,
    rtol=0.05,
)


# %% tags=["hide-input"]
def components(k):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0), width_ratios=(1, 2))
    left.imshow(denoised(k)[8].reshape(8, 8), cmap="Greys", vmin=0, vmax=1)
    left.set(xticks=[], yticks=[], title=f"{k} components")
    left.grid(False)
    right.plot(curve, color=plot.RED, label="error")
    right.plot(lost, ":", color=plot.BLUE, label="missed signal")
    right.plot(0.25**2 * np.arange(65) / 64, ":", color=plot.GREY, label="noise let in")
    right.plot(k, curve[k], "o", color=plot.RED)
    right.set(xlabel="components $k$", ylim=(0, 0.075))
    right.legend()
    return fig


explore(
    components,
    alt="A noisy digit projected to k components, a grey smear for k = 0, clearest for about fifteen and noisy for 64, and the error as the sum of a falling and a rising curve",
    k=[15, 0, 2, 5, 10, 25, 40, 64],
)

# %% [markdown]
r"""
(anomaly-detection)=
**Anomalies.** Only zeros were ever seen. How strange is a new image? Fit a Gaussian to the zeros, and measure the distance from its centre in units of its own spread, $(x-\mu)^\top\Sigma^{-1}(x-\mu)$, the *Mahalanobis* distance. No example of an anomaly is needed.

(synthesis-and-sampling)=
**Synthesis.** Or run the model the other way and *draw* from it. One Gaussian for each class in the plane of 15 components is a crude artist, but a classifier that has never seen its work should recognise what is meant.
"""

# %%
zero = X_train[y_train == 0]
mu, S = zero.mean(0), np.cov(zero.T) + 0.01 * np.eye(64)
strange = np.einsum("ni,ij,nj->n", X_test - mu, np.linalg.inv(S), X_test - mu)
auc = metrics.roc_auc_score(y_test != 0, strange)
verify_at_least(
    "not a zero? area under the curve of the Mahalanobis distance", auc, 0.99
)
ranks = stats.rankdata(strange)[y_test != 0].sum()
n1, n0 = np.sum(y_test != 0), np.sum(y_test == 0)
verify(
    "… it is the chance that a stranger is ranked above a zero",
    (ranks - n1 * (n1 + 1) / 2) / (n1 * n0),
    auc,
    rtol=1e-12,
)
verify(
    "the distance: squared length after whitening",
    strange[:50],
    np.sum(
        linalg.solve_triangular(np.linalg.cholesky(S), (X_test[:50] - mu).T, lower=True)
        ** 2,
        axis=0,
    ),
    rtol=1e-8,
)

codes, made, meant = (X_train - average) @ Vt[:15].T, [], np.repeat(np.arange(10), 100)
for k in range(10):
    own = codes[y_train == k]
    drawn = rng.multivariate_normal(own.mean(0), np.cov(own.T), 100)
    made.append(average + drawn @ Vt[:15])
made = np.concatenate(made)
verify_at_least(
    "1000 digits drawn from Gaussians: share recognised as what was meant",
    np.mean(logistic.predict(made) == meant),
    0.85,
)
many = rng.multivariate_normal(own.mean(0), np.cov(own.T), 20_000)
verify(
    "20 000 drawn nines: covariance of their codes, whitened by the fitted one",
    np.cov(many @ np.linalg.inv(np.linalg.cholesky(np.cov(own.T))).T, rowvar=False),
    np.eye(15),
    atol=0.06,
)

# %% mystnb={"image": {"alt": "Two rows of eight by eight images: above ten real digits 0 to 9, below ten drawn from the Gaussians, blurred but mostly recognisable."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 10, figsize=(6.8, 1.6))
for k in range(10):
    for ax, image in zip(axes[:, k], (X_test[y_test == k][0], made[100 * k + 2])):
        ax.imshow(image.reshape(8, 8), cmap="Greys", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
axes[0, 0].set_ylabel("real")
axes[1, 0].set_ylabel("drawn")
plt.show()

# %% [markdown]
r"""
(model-as-input-output-map)=
## Family first, parameters second

To describe pairs $(x_i,y_i)$ means to choose a family $f_\theta$, and then its parameters $\theta$. A line $ax+b$ has two, a parabola three, an oscillation $a\sin(bx+c)+d$ four. The second choice is made by the data, the first by *you*. Three sets, three families, nine fits; the entries are what is left over, in units of the noise.
"""

# %%
rng = np.random.default_rng(5)
x = np.linspace(-3, 3, 400)
truths = {
    "linear": 0.8 * x + 1,
    "quadratic": 0.5 * x**2 - 1,
    "oscillating": np.sin(2 * x),
}
wave = lambda x, a, b, c, d: a * np.sin(b * x + c) + d


def left_over(target):
    """Residual variance of the line, the parabola and the sine, in noise variances."""
    y = target + 0.2 * rng.normal(size=400)
    rest = [np.mean((np.polyval(np.polyfit(x, y, k), x) - y) ** 2) for k in (1, 2)]
    fits = []
    for b in (0.5, 1.0, 2.0, 3.0):  # several starts: this family has local minima
        theta, _ = optimize.curve_fit(wave, x, y, [1, b, 0, 0], maxfev=20_000)
        fits.append(np.mean((wave(x, *theta) - y) ** 2))
    return np.array([*rest, min(fits)]) / 0.04


table = {name: left_over(target) for name, target in truths.items()}
for name, row in table.items():
    print(
        f"{name:12s}  line {row[0]:5.2f}   parabola {row[1]:5.2f}   sine {row[2]:5.2f}"
    )
verify(
    "each family on its own set: variance left over, in units of the noise",
    [table["linear"][0], table["quadratic"][1], table["oscillating"][2]],
    np.ones(3),
    atol=0.2,
)
verify_at_least(
    "the line on the two other sets",
    [table["quadratic"][0], table["oscillating"][0]],
    2.0,
)

# %% [markdown]
r"""
(data-has-structure-assumption)=
### There has to be something to learn

"Explaining the data" is to find the map that made them. It presupposes that there is one. The same network is trained on digits with their labels and with labels shuffled. It can learn *both* sets by heart; only one of them has something to say about new digits.
"""

# %%
digits = data.digits()
small = dict(hidden_layer_sizes=(128, 64), learning_rate_init=0.005, random_state=0)
shuffled = np.random.default_rng(6).permutation(digits.y_train)
score = {}
for name, target, epochs in (("true", digits.y_train, 40), ("shuffled", shuffled, 250)):
    net = MLPClassifier(max_iter=epochs, tol=0, n_iter_no_change=1000, **small)
    net.fit(digits.X_train, target)
    score[name] = (
        net.score(digits.X_train, target),
        net.score(digits.X_test, digits.y_test),
    )
verify_at_least(
    "true and shuffled labels: training accuracy",
    [score["true"][0], score["shuffled"][0]],
    0.95,
)
verify_at_least("true labels: accuracy on new digits", score["true"][1], 0.9)
verify("shuffled labels: accuracy on new digits", score["shuffled"][1], 0.1, atol=0.05)

# %% [markdown]
r"""
(prior-reduces-parameters)=
### What it is worth to know something

Suppose you know that a signal has period $2\pi$. Then $y=a\sin x+b\cos x+c$ has three parameters, is linear in them, and *knows* what comes next. A polynomial needs many more coefficients to follow the same thirty points, and then:
"""

# %%
rng = np.random.default_rng(7)
x = np.sort(rng.uniform(0, 4 * np.pi, 30))
y = 2 * np.sin(x) + 0.5 + 0.1 * rng.normal(size=30)
later = np.linspace(4 * np.pi, 6 * np.pi, 200)
basis = lambda x: np.c_[np.sin(x), np.cos(x), np.ones_like(x)]
theta = np.linalg.lstsq(basis(x), y, rcond=None)[0]
polynomial = {k: np.polynomial.Chebyshev.fit(x, y, k) for k in range(1, 14)}
rms = lambda e: np.sqrt(np.mean(e**2))
truth = lambda x: 2 * np.sin(x) + 0.5
inside = [rms(polynomial[9](x) - y), rms(basis(x) @ theta - y)]
outside = [
    rms(polynomial[9](later) - truth(later)),
    rms(basis(later) @ theta - truth(later)),
]
verify(
    "thirty points: error of degree 9 and of the periodic model, both the noise",
    inside,
    [0.09, 0.09],
    atol=0.03,
)
verify_at_least(
    "the next period: error of degree 9 over that of the periodic model",
    outside[0] / outside[1],
    1000.0,
)


# %% tags=["hide-input"]
def extrapolate(degree):
    t = np.linspace(0, 6 * np.pi, 400)
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    ax.axvspan(4 * np.pi, 6 * np.pi, color=plot.GREY, alpha=0.1)
    ax.plot(t, polynomial[degree](t), color=plot.RED, label=f"degree {degree}")
    ax.plot(t, basis(t) @ theta, color=plot.BLUE, label="period known")
    ax.plot(x, y, "o", ms=4, color="black")
    ax.set(xlabel="$x$", ylim=(-4, 5))
    ax.legend(loc="upper left", ncols=2)
    return fig


explore(
    extrapolate,
    alt="Thirty points of a sine over two periods; the periodic model continues through the shaded third period, the polynomial leaves the picture at its border",
    degree=[9, 1, 3, 5, 7, 11, 13],
)

# %% [markdown]
r"""
(forms-of-prior-knowledge)=
Prior knowledge comes in several forms: a distribution of the data, an energy that should be small, a hard constraint, an invariance, examples themselves. One problem for all: six noisy points of the parabola $42-8x^2$, to be fitted by $ax^2+bx+c$ with nothing known; with a small ridge energy; knowing that it is even ($b=0$); knowing that the maximum is 42; and *believing* that it is 30.
"""

# %%
rng, at = np.random.default_rng(8), np.linspace(-1, 1, 6)
new = np.linspace(-1, 1, 101)
errors = {
    name: [] for name in ("nothing", "energy", "even", "maximum 42", "maximum 30")
}
V, W = np.vander(at, 3), np.vander(new, 3)
for _ in range(200):
    y6 = 42 - 8 * at**2 + 2 * rng.normal(size=6)
    centred = y6 - y6.mean()
    fits = {
        "nothing": W @ np.linalg.lstsq(V, y6, rcond=None)[0],
        "energy": y6.mean()
        + (W - V.mean(0))
        @ np.linalg.solve(
            (V - V.mean(0)).T @ (V - V.mean(0)) + 0.1 * np.eye(3),
            (V - V.mean(0)).T @ centred,
        ),
        "even": W[:, ::2] @ np.linalg.lstsq(V[:, ::2], y6, rcond=None)[0],
    }
    for top_ in (42, 30):
        f = lambda p: top_ - (p[0] * at - p[1]) ** 2 - y6
        best = min(
            (optimize.least_squares(f, [s, 0.0]) for s in (1.0, 3.0)),
            key=lambda r: r.cost,
        ).x
        fits[f"maximum {top_}"] = top_ - (best[0] * new - best[1]) ** 2
    for name, fitted in fits.items():
        errors[name].append(np.mean((fitted - 42 + 8 * new**2) ** 2))
median = {name: np.median(e) for name, e in errors.items()}
print({name: round(float(m), 2) for name, m in median.items()})
verify_at_most(
    "six points, even or maximum known: median error over that of knowing nothing",
    [median["even"] / median["nothing"], median["maximum 42"] / median["nothing"]],
    0.8,
)
verify_at_least(
    "… a wrong maximum believed: over that of knowing nothing",
    median["maximum 30"] / median["nothing"],
    5.0,
)

# %% [markdown]
r"""
A right prior helps, and a wrong one is worse than none.

(occams-razor)=
*Occam's razor* is the prior for those who have no other: among explanations that are equally good take the simplest. To make a rule of it, say what "equally good" means: within one standard error of the best, in [cross-validation](#train-dev-test-split). Five hundred times forty points of a parabola:
"""

# %%
rng, chosen, risk = np.random.default_rng(9), [], []
fine = np.linspace(-1, 1, 101)
folds = np.arange(40) % 5
for _ in range(300):
    x = rng.uniform(-1, 1, 40)
    y = 1 - 2 * x**2 + 0.5 * rng.normal(size=40)
    B, B_fine = (np.polynomial.chebyshev.chebvander(v, 10) for v in (x, fine))
    out = np.empty((40, 10))
    for k in range(5):
        rest, held = folds != k, folds == k
        for d in range(1, 11):
            w = np.linalg.lstsq(B[rest, : d + 1], y[rest], rcond=None)[0]
            out[held, d - 1] = (B[held, : d + 1] @ w - y[held]) ** 2
    fold_means = np.array([out[folds == k].mean(0) for k in range(5)])
    cv, se = fold_means.mean(0), fold_means.std(0, ddof=1) / np.sqrt(5)
    d = 1 + int(np.argmax(cv <= cv.min() + se[cv.argmin()]))
    chosen.append(d)
    risk.append(
        [
            np.mean(
                (
                    B_fine[:, : j + 1]
                    @ np.linalg.lstsq(B[:, : j + 1], y, rcond=None)[0]
                    - 1
                    + 2 * fine**2
                )
                ** 2
            )
            for j in (d, 10)
        ]
    )
verify(
    "300 data sets: the degree chosen most often", int(np.bincount(chosen).argmax()), 2
)
verify_at_most(
    "… error of the razor's choice over that of the best training fit",
    np.mean(risk, 0)[0] / np.mean(risk, 0)[1],
    0.7,
)

# %% [markdown]
r"""
(parametric-curve-representation)=
### The same data, written differently

Points on a circle are the graph of *no* function $y(x)$. As a curve, $(x(t),y(t))=(r\cos t,r\sin t)$, they are linear in two features of $t$. The representation decides how hard the problem is. It is not unique, either: $t'=2t+1$ traces the same line twice as fast.
"""

# %%
rng = np.random.default_rng(10)
t = rng.uniform(0, 2 * np.pi, 100)
circle = 2 * np.c_[np.cos(t), np.sin(t)] + 0.05 * rng.normal(size=(100, 2))
explained = lambda target, fitted: 1 - np.mean((target - fitted) ** 2) / np.var(target)
by_x = [
    explained(circle[:, 1], np.polyval(np.polyfit(*circle.T, k), circle[:, 0]))
    for k in range(1, 6)
]
angle = np.c_[np.cos(t), np.sin(t)]
by_t = angle @ np.linalg.lstsq(angle, circle, rcond=None)[0]
verify_at_most(
    "points on a circle: variance explained by y(x), degrees 1 to 5", by_x, 0.1
)
verify_at_least(
    "… by x(t), y(t), linear in cos t and sin t",
    [explained(circle[:, k], by_t[:, k]) for k in (0, 1)],
    0.99,
)
line_at = lambda t: np.stack([3 * t - 1, -t + 2], -1)
again = lambda s: np.stack([1.5 * s - 2.5, -0.5 * s + 2.5], -1)  # with t = (s − 1)/2
verify("a line in two parametrisations", again(2 * t + 1), line_at(t), atol=1e-12)
# %% [markdown]
r"""
(image-as-point)=
## A million dimensions

A grey image of $w\times h$ pixels is *one point* of $[0,1]^{wh}$, and a data set of images is a cloud there. Nobody has ever seen such a space, but one can look at it from the side: cut single pixels, pairs and triples of neighbours out of a photograph, and plot these "images" of $1\times1$, $2\times1$ and $3\times1$ pixels.

:::{admonition} Three numbers a pixel
:class: correction
**The notes say** that a coloured image of $w\times h$ pixels is a point in $wh$ dimensions.

**Right is:** that is a grey one. With three channels it is $3wh$: the photograph below is a point in 819,840 dimensions.
:::
"""

# %%
colour = datasets.load_sample_image("china.jpg")
point = colour.ravel() / 255
verify("photograph: coordinates", point.size, 427 * 640 * 3)
verify(
    "… and back",
    (255 * point).round().astype(np.uint8).reshape(427, 640, 3) - colour,
    np.zeros((427, 640, 3), np.uint8),
)
grey = colour.mean(2) / 255  # (427, 640)
rng = np.random.default_rng(11)
i, j = rng.integers(427, size=3000), rng.integers(638, size=3000)
triples = grey[i[:, None], j[:, None] + np.arange(3)]  # (3000, 3)
verify(
    "neighbouring pixels of the photograph: correlation",
    np.corrcoef(grey[:, :-1].ravel(), grey[:, 1:].ravel())[0, 1],
    0.947,
    atol=0.01,
)
verify(
    "pixels at random places: correlation",
    np.corrcoef(triples[:, 0], triples[rng.permutation(3000), 0])[0, 1],
    0.0,
    atol=0.08,
)

# %% mystnb={"image": {"alt": "Left a histogram of grey values, middle pairs of neighbouring pixels as points close to the diagonal of the square, right triples as a cloud along the diagonal of the cube."}} tags=["hide-input"]
fig = plt.figure(figsize=(6.8, 2.7))
axes = [
    fig.add_subplot(1, 3, 1),
    fig.add_subplot(1, 3, 2),
    fig.add_subplot(1, 3, 3, projection="3d"),
]
axes[0].hist(triples[:, 0], 40, color=plot.BLUE)
axes[1].plot(*triples[:, :2].T, ".", ms=2, color=plot.BLUE)
axes[2].plot(*triples[:1000].T, ".", ms=2, color=plot.BLUE)
for ax, k in zip(axes, (1, 2, 3)):
    ax.set(title=f"{k}×1 images", xticks=[0, 1])
axes[1].set(yticks=[0, 1], aspect="equal")
axes[2].set(yticks=[0, 1], zticks=[0, 1])
plt.show()

# %% [markdown]
r"""
Photographs do not fill their space. They hug the diagonal, and this will save us.

(curse-of-dimensionality-sampling)=
### There are never enough points

To cover an interval at a resolution of a tenth, ten points do; a square needs a hundred, and $[0,1]^d$ needs $10^d$. Turn it around: throw a thousand points and ask what share of the $10^d$ cells is hit. A given cell is missed by all with probability $(1-10^{-d})^{1000}$.
"""

# %%
rng = np.random.default_rng(12)
for d in (1, 2, 3, 4, 6):
    shares = []
    for _ in range(30):
        cells = rng.integers(10, size=(1000, d)) @ 10 ** np.arange(d)
        shares.append(len(np.unique(cells)) / 10**d)
    expected = 1 - (1 - 10.0**-d) ** 1000
    if d < 3:
        verify(
            f"1000 points, dimension {d}: share of cells hit",
            np.mean(shares),
            expected,
            atol=1e-3,
        )
    else:
        verify_within_se(
            f"1000 points, {d} dimensions: share of cells hit",
            np.array(shares),
            expected,
        )
near = [
    spatial.cKDTree(rng.random((1000, d))).query(rng.random((300, d)))[0].mean()
    for d in (1, 2, 4, 8, 16)
]
verify_at_least(
    "distance to the nearest of 1000 points: 2, 4, 8, 16 dimensions over half as many",
    np.array(near[1:]) / near[:-1],
    1.5,
)

# %% [markdown]
r"""
(distance-concentration)=
(random-vectors-nearly-orthogonal)=
(headline-high-dimensions)=
### The headline: everybody is equally far, and at right angles

Two random points of $[0,1]^d$: their squared distance is a sum, $D^2=\sum_i(x_i-z_i)^2$, of $d$ independent terms. One term has mean $\int\!\!\int(x-z)^2=\frac16$ and second moment $\int\!\!\int(x-z)^4=\frac1{15}$, so variance $\frac1{15}-\frac1{36}=\frac7{180}$. Means and variances add:

$$
\frac{\operatorname{sd}(D^2)}{\mathbb E\,D^2}=\frac{\sqrt{7d/180}}{d/6}=\sqrt{\frac7{5d}},
$$ (eq-df-concentrate)

exactly, in every dimension. (For $D$ itself: a small relative spread of $D^2$ is twice that of $D$, so $\operatorname{sd}(D)/\mathbb ED\approx\sqrt{7/20d}$, around a mean of $\sqrt{d/6}$.) The spread shrinks against the mean: all points become equally far from each other, and *nearest* and *farthest* neighbour merge.

Angles: let $u,v$ be random directions. By symmetry each coordinate of $u$ has $\mathbb E\,u_i^2=\frac1d$ and $\mathbb E\,u_iu_j=0$, so for any fixed $v$ the cosine has mean 0 and

$$
\mathbb E\,(u^\top v)^2=\sum_i\frac{v_i^2}d=\frac1d :
$$ (eq-df-cosine)

standard deviation $1/\sqrt d$, exactly again. In a million dimensions two random directions are orthogonal to within a tenth of a degree. Measured from 1 to 100,000 dimensions:
"""


# %%
def squared_distances(n, d, rng):
    """All squared distances of n uniform points, summed over blocks of coordinates."""
    total = np.zeros((n, n))
    for start in range(0, d, 10_000):
        X = rng.random((n, min(10_000, d - start)), dtype=np.float32) - np.float32(0.5)
        norms = (X.astype(np.float64) ** 2).sum(1)
        total += norms[:, None] + norms - 2 * (X @ X.T)
    return total


def cosines(n, d, rng):
    """All cosines of n random directions."""
    G = np.zeros((n, n))
    for start in range(0, d, 10_000):
        X = rng.standard_normal((n, min(10_000, d - start)), dtype=np.float32)
        G += X @ X.T
    return G / np.sqrt(np.outer(np.diag(G), np.diag(G)))


rng, dims = np.random.default_rng(13), [1, 10, 100, 1000, 10_000, 100_000]
spread, angle_sd, contrast, ratio_D = [], [], [], []
for d in dims:
    n = 3000 if d <= 1000 else 1200 if d <= 10_000 else 600
    D2, pair = squared_distances(n, d, rng), np.triu_indices(n, 1)
    spread.append(D2[pair].std() / D2[pair].mean())
    D = np.sqrt(np.maximum(D2, 0))
    ratio_D.append(D[pair].std() / D[pair].mean())
    first = D[:100, :300] + np.where(np.eye(100, 300) > 0, np.nan, 0)
    contrast.append(np.nanmean((np.nanmax(first, 1) - np.nanmin(first, 1)) / D.mean()))
    angle_sd.append(np.sqrt(np.mean(cosines(n, d, rng)[pair] ** 2)))
headline(
    "Spread of squared distances and of cosines, 1 to 100,000 dimensions, against "
    "√(7/5d) and 1/√d",
    np.r_[spread, angle_sd],
    np.r_[np.sqrt(1.4 / np.array(dims)), 1 / np.sqrt(dims)],
    rtol=0.02,
)

# %%
dims = np.array(dims)
verify(
    "distances: sd over mean in 100 to 100,000 dimensions, against √(7/20d)",
    ratio_D[2:],
    np.sqrt(0.35 / dims[2:]),
    rtol=0.03,
)
# Around one point, D² has variance d/30, so D has sd √(1/20); the range of 299 draws.
grid_ = np.linspace(-8, 8, 4001)
cdf = stats.norm.cdf(grid_)
normal_range = np.sum(1 - cdf**299 - (1 - cdf) ** 299) * (grid_[1] - grid_[0])
verify(
    "farthest minus nearest of 299 points, over the mean distance, from 1000 "
    "dimensions on",
    contrast[3:],
    np.sqrt(0.05) * normal_range / np.sqrt(dims[3:] / 6),
    rtol=0.04,
)
small_cos = cosines(1500, 1000, rng)[np.triu_indices(1500, 1)][::560]
verify_at_least(
    "2000 cosines in 1000 dimensions: p-value of being normal with 1/√d",
    stats.kstest(small_cos * np.sqrt(1000), "norm").pvalue,
    0.01,
)

# %% mystnb={"image": {"alt": "Double logarithmic: spread of squared distances, contrast of farthest and nearest neighbour, and spread of cosines against the dimension, dots on three parallel falling lines."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3.1))
for values, theory, colour, name in (
    (spread, np.sqrt(1.4 / dims), plot.BLUE, "distances², sd / mean"),
    (
        contrast,
        np.sqrt(0.3 / dims) * normal_range,
        plot.GREEN,
        "(farthest − nearest) / mean",
    ),
    (angle_sd, 1 / np.sqrt(dims), plot.RED, "cosines, sd"),
):
    ax.loglog(dims, values, "o", color=colour, label=name)
    ax.loglog(dims, theory, color=colour, lw=1)
ax.set(xlabel="dimensions")
ax.legend()
plt.show()

# %% [markdown]
r"""
Drag the dimension and watch both happen at once.
"""


# %% tags=["hide-input"]
def high(d):
    rng = np.random.default_rng(14)
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0))
    D = np.sqrt(np.maximum(squared_distances(250, d, rng), 0))[np.triu_indices(250, 1)]
    c = cosines(250, d, rng)[np.triu_indices(250, 1)]
    left.hist(D / D.mean(), np.linspace(0, 2.6, 80), density=True, color=plot.BLUE)
    right.hist(
        np.degrees(np.arccos(np.clip(c, -1, 1))),
        np.linspace(0, 180, 61),
        density=True,
        color=plot.RED,
    )
    left.set(xlabel="distance over mean distance", yticks=[], title=f"{d} dimensions")
    right.set(xlabel="angle of two directions", yticks=[], xticks=[0, 45, 90, 135, 180])
    return fig


explore(
    high,
    alt="Histograms of relative distances and of angles: broad in few dimensions, needles at one and at ninety degrees in many",
    d=[3, 1, 2, 10, 30, 100, 1000, 10_000],
)

# %% [markdown]
r"""
:::{admonition} Orthogonal only around zero
:class: correction
**The notes say** that two points drawn uniformly in a million-dimensional space, with grey values in $[0,1]$, are almost orthogonal.

**Right is:** that needs coordinates with mean zero. For $[0,1]^d$ the cosine tends to $\frac{\mathbb E[x]^2}{\mathbb E[x^2]}=\frac{1/4}{1/3}=\frac34$, an angle of 41.4 degrees: all these vectors share the direction of the diagonal.
:::
"""

# %%
x, z = rng.random((2, 1_000_000))
verify(
    "uniform on [0, 1], a million dimensions: cosine",
    x @ z / np.sqrt(x @ x * (z @ z)),
    0.75,
    atol=0.002,
)
x, z = x - 0.5, z - 0.5
verify_at_most(
    "the same two points around the centre: |cos|, over 1/√d",
    abs(x @ z) / np.sqrt(x @ x * (z @ z)) * 1000,
    5.0,
)

# %% [markdown]
r"""
If that were the whole truth, nearest neighbours would be meaningless and learning hopeless. But the theorem assumed independent coordinates, and data are not like that.

:::{admonition} Data do not concentrate like noise
:class: correction
**The notes say** as a fact without conditions that in high dimension all points of a data set become equally spaced.

**Right is:** the coordinates must be (nearly) independent. Data near a structure of low dimension keep the spread of that structure; this is why learning works at all.
:::
"""

# %%
spread_of = lambda A: (lambda D: D.std() / D.mean())(spatial.distance.pdist(A))
spread_digits = spread_of(D_ := datasets.load_digits().data)
verify("digits, 64 dimensions: spread of distances", spread_digits, 0.169, atol=0.003)
verify(
    "uniform points, 64 dimensions",
    spread_of(rng.random((1800, 64))),
    0.074,
    atol=0.002,
)
alone = np.column_stack([rng.permutation(column) for column in D_.T])
verify_at_most(
    "digits with every pixel shuffled over the images: spread over that before",
    spread_of(alone) / spread_digits,
    0.65,
)

# %% [markdown]
r"""
(hughes-phenomenon)=
### More features, worse answers

Each feature carries information. Is it always better to have more? Take two Gaussian classes $\mathcal N(\pm\mu,I)$ with $\mu_i=1/\sqrt i$ {cite:p}`trunk1979`: every further feature helps, and the Bayes accuracy $\Phi\bigl(\sqrt{\sum_{i\le d}1/i}\bigr)$ rises to 1. But the means and the covariance have to be *estimated*, and with forty examples at some point the estimates are noise.
"""


# %%
def trunk(d, n, runs, rng):
    """Mean accuracy of a linear discriminant fitted to n examples of d features."""
    mu, right = 1 / np.sqrt(np.arange(1, d + 1)), []
    for _ in range(runs):
        side = np.repeat([-1, 1], n // 2)
        X = rng.normal(size=(n, d)) + side[:, None] * mu
        lda = LinearDiscriminantAnalysis().fit(X, side)
        w, b = lda.coef_[0], lda.intercept_[0]  # its risk is a formula
        for s in (-1, 1):
            right.append(stats.norm.cdf((w @ mu + s * b) / np.linalg.norm(w)))
    return np.mean(right)


rng, features = np.random.default_rng(15), [1, 2, 4, 8, 16, 24, 32, 37]
few = [trunk(d, 40, 60, rng) for d in features]
many = [trunk(d, 4000, 1, rng) for d in features]
bayes = [stats.norm.cdf(np.sqrt(np.sum(1 / np.arange(1, d + 1)))) for d in features]
best = features[int(np.argmax(few))]
verify(
    "40 examples: the best number of features lies between 4 and 16",
    4 <= best <= 16,
    True,
)
verify_at_least("40 examples: accuracy lost at 32 features", max(few) - few[6], 0.1)
verify("4000 examples: accuracy, against the Bayes accuracy", many, bayes, atol=0.01)

# %% mystnb={"image": {"alt": "Accuracy against the number of features: with forty examples it rises to 0.92 at about eight features and falls to 0.65 at 37; with 4000 it follows the rising Bayes accuracy."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3.0))
ax.plot(features, bayes, ":", color=plot.GREY, label="best possible")
ax.plot(features, many, "o-", color=plot.BLUE, label="4000 examples")
ax.plot(features, few, "o-", color=plot.RED, label="40 examples")
ax.set(xlabel="features", ylabel="accuracy")
ax.legend(loc="lower left")
plt.show()

# %% [markdown]
r"""
:::{admonition} Whose number of dimensions?
:class: correction
**The notes say** that these curves show accuracy against the *intrinsic* dimension, one curve for each data set.

**Right is:** the axis is the number of *measured* features, and the curves differ in the number of training examples {cite:p}`hughes1968`. With enough of them accuracy does not decline.
:::
"""

# %%
verify_at_least(
    "4000 examples: what each further group of features adds",
    np.diff(many),
    0.0,
    atol=0.003,
)
verify_at_most(
    "40 examples, from 16 features on: what each further group adds",
    np.diff(few[4:]),
    0.0,
)
# %% [markdown]
r"""
(synthesis-map)=
## What made this picture?

A disc in a picture of $32\times32$ pixels: 1024 numbers. But it was *drawn*, from three: centre and radius. Assume that every data point is the output of a *synthesis map* $\sigma:F\mapsto x$ from features; learning is then to find $F$ and $\sigma$ from the $x$ alone. Here $\sigma$ is known, and $F$ can be recovered by search.

:::{admonition} Two directions, two symbols
:class: correction
**The notes say** that $\sigma$ maps features to data, and later that $\sigma$ is given the image and extracts the features.

**Right is:** these are opposite maps: *synthesis* (decoder) $\sigma:F\mapsto x$, and *analysis* (encoder) $\alpha:x\mapsto F$, with $\alpha\circ\sigma=\mathrm{id}$ as far as possible. Give them two letters.
:::
"""

# %%
pixels = np.arange(32) + 0.5


def disc(F):
    """Synthesis: an antialiased disc with centre (F₀, F₁) and radius F₂, (32, 32)."""
    r = np.hypot(pixels[:, None] - F[0], pixels - F[1])
    return np.clip(F[2] - r + 0.5, 0, 1)


def analysis(x, rng, starts=20):
    """The features that draw x, by least squares from several starts."""
    best = None
    for _ in range(starts):
        start = np.r_[rng.uniform(8, 24, 2), rng.uniform(3, 10)]
        found = optimize.minimize(
            lambda F: np.sum((disc(F) - x) ** 2),
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-3},
        )
        best = found if best is None or found.fun < best.fun else best
    return best.x


rng, truth = np.random.default_rng(16), np.array([13.3, 18.6, 6.2])
verify(
    "three features found again from 1024 pixels: α(σ(F))",
    analysis(disc(truth), rng, 8),
    truth,
    atol=0.05,
)

# %% [markdown]
r"""
(pixel-basis-synthesis)=
The other extreme: one feature for each pixel, $x=\sum_i\lambda_ie_i$ with the indicator image $e_i$ of pixel $i$. Now $\sigma$ is linear, and the features outnumber what one can ever observe: thirty digits leave at least thirty-four directions of the 64 undetermined.

(nonlinear-shape-features)=
Between them lies the bargain: few features, and a map that is not linear *in them*. The average of two squares is not the square at the average place.
"""

# %%
E = np.eye(64)
verify(
    "a digit as the sum of 64 scaled pixels",
    sum(v * e for v, e in zip(X[0], E)),
    X[0],
    atol=0,
)
free = linalg.null_space(X[:30]).shape[1]
verify(
    "thirty digits, 64 features: undetermined directions",
    free,
    64 - np.linalg.matrix_rank(X[:30]),
)
verify_at_least("… at least", free, 34)
w = np.linalg.lstsq(X[:30], y_30 := (labels[:30] == 1) * 1.0, rcond=None)[0]
other = w + linalg.null_space(X[:30]) @ rng.normal(size=free)
verify(
    "two sets of weights that explain thirty labels alike",
    X[:30] @ other,
    X[:30] @ w,
    atol=1e-10,
)

square = lambda p: ((abs(pixels[:, None] - p) <= 4) & (abs(pixels - 16) <= 4)) * 1.0
mixture, between = (square(8) + square(24)) / 2, square(16)
verify_at_least(
    "half of two squares against the square between: relative distance",
    np.linalg.norm(mixture - between) / np.linalg.norm(between),
    0.5,
)
A, B = rng.normal(size=(2, 32, 32))
shift = lambda f: np.roll(f, (3, -5), axis=(0, 1))
turn = lambda f: np.rot90(f)
for name, T in (("shifting", shift), ("turning", turn)):
    verify(
        f"{name} an image is linear in the image",
        T(2 * A - 3 * B),
        2 * T(A) - 3 * T(B),
        atol=1e-12,
    )
verify_at_least(
    "… but not linear in the amount of the shift: f shifted by 0 and 8, "
    "averaged, against by 4",
    abs((square(12) + square(20)) / 2 - square(16)).max(),
    0.5,
)

# %% [markdown]
r"""
:::{admonition} As many features as observations is the worst
:class: correction
**The notes say** that instead of far more features than observations one wants about as many features as observations.

**Right is:** for least squares $p\approx n$ is the worst case, [the peak of double descent](#headline-double-descent); one wants many more observations than features, or [regularisation](#regularization).
:::
"""

# %%
rng, test_error = np.random.default_rng(17), {}
for p in (5, 20, 39, 200):
    runs = []
    for _ in range(40):
        beta = rng.normal(size=400) / 20
        A, T = rng.normal(size=(40, 400)), rng.normal(size=(200, 400))
        w = np.linalg.lstsq(A[:, :p], A @ beta + 0.1 * rng.normal(size=40), rcond=None)[
            0
        ]
        runs.append(np.mean((T[:, :p] @ w - T @ beta) ** 2))
    test_error[p] = np.median(runs)
print({p: round(float(e), 2) for p, e in test_error.items()})
verify_at_least(
    "40 observations: test error with 39 features over that with 5, 20, 200",
    [test_error[39] / test_error[p] for p in (5, 20, 200)],
    4.0,
)

# %% [markdown]
r"""
:::{admonition} What is linear about a rotation?
:class: correction
**The notes say** that rotating is linear and translating is not.

**Right is:** that is true of the *coordinates of points*, $x\mapsto Rx$ against $x\mapsto x+v$. As operators on *images*, $f\mapsto f(\cdot-v)$ and $f\mapsto f(R^{-1}\cdot)$ are both linear, as the checks above show. What is not linear is how the image depends on the amount, shift or angle.
:::
"""

# %%
P, v, R = rng.normal(size=(2, 5)), np.array([[1.0], [2.0]]), np.array([[0, -1], [1, 0]])
verify("rotating points: R(2P) = 2RP", R @ (2 * P), 2 * (R @ P), atol=1e-12)
verify(
    "translating points: what 2P + v and 2(P + v) differ by",
    2 * (P + v) - (2 * P + v),
    np.tile(v, 5),
    atol=1e-12,
)

# %% [markdown]
r"""
(embedding-space)=
### One thing, many embeddings

The form in which a data point is observed is an *embedding*, $\mathbb R^n$ with its pixels the *embedding space*. How few features do, depends on how rich $\sigma$ may be: with two numbers for each digit, a linear $\sigma$ (two principal components) draws worse than a small network.
"""

# %%
auto = MLPRegressor(
    hidden_layer_sizes=(64, 2, 64),
    activation="tanh",
    learning_rate_init=0.01,
    max_iter=200,
    batch_size=100,
    tol=0,
    n_iter_no_change=1000,
    random_state=0,
)
auto.fit(X_train, X_train)
per_image = lambda A: np.mean(np.sum((A - X_test) ** 2, axis=1))
by_pca = {
    k: per_image(average + (X_test - average) @ Vt[:k].T @ Vt[:k]) for k in (2, 10, 30)
}
by_net = per_image(auto.predict(X_test))
print(
    {f"PCA {k}": round(float(e), 2) for k, e in by_pca.items()},
    f"network with a waist of 2: {by_net:.2f}",
)
verify_at_most(
    "two numbers a digit: error of the network over that of two components",
    by_net / by_pca[2],
    0.9,
)

# %% [markdown]
r"""
(isometric-embeddings-of-a-sheet)=
Embeddings of the same thing can look very different. A sheet of paper $[0,3]\times[0,1]$ can be rolled up in many ways; as long as it is not *stretched*, all lengths measured *along the sheet* stay. In formulas, the map $\phi$ into space has $J^\top J=I$. Roll it.
"""


# %%
def rolled(u, v, turns):
    """The sheet rolled to a cylinder by so many turns, (..., 3)."""
    if turns == 0:
        return np.stack([u, 0 * u, v], -1)
    k = 2 * np.pi * turns / 3  # curvature: 3 units of length make `turns` turns
    return np.stack([np.sin(k * u) / k, (1 - np.cos(k * u)) / k, v], -1)


def spiral(u, v):
    """The sheet as a spiral of radius r = 0.3 + θ/12 with arc length u."""
    theta = np.linspace(0, 12, 40_001)
    r = 0.3 + theta / 12
    arc = np.r_[
        0, np.cumsum(np.hypot(np.diff(r * np.cos(theta)), np.diff(r * np.sin(theta))))
    ]
    at = np.interp(u, arc, theta)
    return np.stack([(0.3 + at / 12) * np.cos(at), (0.3 + at / 12) * np.sin(at), v], -1)


rng = np.random.default_rng(18)
u, v, h = rng.uniform(0.1, 2.9, 100), rng.uniform(size=100), 1e-5
for name, phi in (
    ("flat", lambda u, v: rolled(u, v, 0)),
    ("half a cylinder", lambda u, v: rolled(u, v, 0.5)),
):
    J = np.stack(
        [
            (phi(u + h, v) - phi(u - h, v)) / (2 * h),
            (phi(u, v + h) - phi(u, v - h)) / (2 * h),
        ],
        -1,
    )  # (100, 3, 2)
    verify(
        f"{name}: JᵀJ at 100 points",
        J.transpose(0, 2, 1) @ J,
        np.tile(np.eye(2), (100, 1, 1)),
        atol=1e-8,
    )
s = np.linspace(0, 1, 4001)
path = np.c_[0.2 + 2.6 * s, 0.5 + 0.4 * np.sin(7 * s)]
length = lambda P: np.linalg.norm(np.diff(P, axis=0), axis=1).sum()
for name, P in (("half a cylinder", rolled(*path.T, 0.5)), ("spiral", spiral(*path.T))):
    verify(
        f"a curve on the sheet, flat and as {name}: length",
        length(P),
        length(path),
        rtol=1e-4,
    )
chord = np.linalg.norm(
    rolled(np.array([3.0]), np.array([0.0]), 0.5)
    - rolled(np.array([0.0]), np.array([0.0]), 0.5)
)
verify(
    "two corners, straight through space: 2·3/π instead of 3",
    chord,
    6 / np.pi,
    rtol=1e-9,
)


# %% tags=["hide-input"]
def roll_up(turns):
    U, V = np.meshgrid(np.linspace(0, 3, 60), np.linspace(0, 1, 8))
    S = rolled(U, V, turns)
    fig = plt.figure(figsize=(6.8, 3.2))
    ax = fig.add_subplot(projection="3d")
    ax.plot_surface(*np.moveaxis(S, -1, 0), color=plot.SKY, alpha=0.4, lw=0)
    ax.plot(*rolled(*path.T, turns).T, color=plot.RED, lw=2)
    ends = rolled(np.array([0.0, 3.0]), np.zeros(2), turns)
    ax.plot(*ends.T, "--o", color="black", ms=4, lw=1)
    along, through = length(rolled(*path.T, turns)), np.linalg.norm(ends[1] - ends[0])
    ax.set(
        xlim=(-1, 3),
        ylim=(-0.5, 2.5),
        zlim=(0, 1),
        xticks=[],
        yticks=[],
        zticks=[],
        title=f"red curve {along:.2f}, corner to corner {through:.2f}",
    )
    ax.set_box_aspect((4, 3, 1), zoom=1.3)
    return fig


explore(
    roll_up,
    alt="A sheet with a red wavy line that is rolled up to a tube; the length of the line in the title stays, the straight distance of two corners falls to zero",
    turns=[0.3, 0.0, 0.15, 0.5, 0.7, 0.85, 1.0],
)

# %% [markdown]
r"""
:::{admonition} Distances along the sheet, and only if it is not stretched
:class: correction
**The notes say** that distances are preserved in all embeddings even if they look different.

**Right is:** only *isometric* embeddings preserve them, and then only the distances measured along the sheet. The straight distances in the embedding space change, and an embedding that stretches preserves neither.
:::
"""

# %%
stretched = rolled(1.5 * path[:, 0], path[:, 1], 0.5)
verify_at_least(
    "a stretched sheet: length of the same curve, over that on the flat one",
    length(stretched) / length(path),
    1.3,
)
roll, t = datasets.make_swiss_roll(800, random_state=0)
unrolled = manifold.Isomap(n_neighbors=10, n_components=2).fit_transform(roll)
verify_at_least(
    "swiss roll: rank correlation of Isomap's first coordinate with the true one",
    abs(stats.spearmanr(unrolled[:, 0], t).statistic),
    0.99,
)
verify_at_most(
    "… of the first principal component",
    abs(stats.spearmanr(PCA(1).fit_transform(roll)[:, 0], t).statistic),
    0.4,
)

# %% [markdown]
r"""
(latent-features)=
## What cannot be pointed at

Where in a picture is the *angle* of a square? In no pixel. Features that characterise the data but sit nowhere in the embedding are called *latent*. Fifteen hundred pictures of one square, turned and scaled: every single pixel is at best weakly correlated with the angle; all of them together determine it.
"""


# %%
def turned_square(angle, size):
    """An antialiased square of half side `size`, turned by the angle, (32, 32)."""
    a, b = pixels[:, None] - 16, pixels - 16
    u, v = np.cos(angle) * a + np.sin(angle) * b, np.cos(angle) * b - np.sin(angle) * a
    return np.clip(size - np.maximum(abs(u), abs(v)) + 0.5, 0, 1)


rng = np.random.default_rng(19)
angles, sizes = rng.uniform(-0.6, 0.6, 1500), rng.uniform(6, 9, 1500)
pictures = np.array([turned_square(a, s).ravel() for a, s in zip(angles, sizes)])
moving = pictures.std(0) > 1e-3
single = [abs(np.corrcoef(column, angles)[0, 1]) for column in pictures[:, moving].T]
verify_at_most(
    "angle of a square: its largest correlation with any one pixel", max(single), 0.7
)
reader = linear_model.Ridge(1.0).fit(pictures[:1000], angles[:1000])
verify_at_least(
    "… explained by all pixels together, on 500 new pictures",
    reader.score(pictures[1000:], angles[1000:]),
    0.95,
)

# %% [markdown]
r"""
(relighting-example)=
Pictures of one matt object under a moving lamp: thousands of pixels, three or four parameters. For distant light $\ell\in\mathbb R^3$ (direction times intensity) a pixel with surface normal $n$ has the brightness $n^\top\ell$, so without shadows all pictures together have rank three. With attached shadows, $\max(0,n^\top\ell)$, the rank is full, but nine dimensions hold nearly everything {cite:p}`basri2003`. Move the lamp.
"""

# %%
side_ = np.linspace(-1, 1, 32)
a, b = np.meshgrid(side_, -side_)
on = a**2 + b**2 < 1
N = np.stack(
    [a[on], b[on], np.sqrt(1 - a[on] ** 2 - b[on] ** 2)], -1
)  # normals, (pixels, 3)
lamps = rng.normal(size=(200, 3))
lamps /= np.linalg.norm(lamps, axis=1, keepdims=True)
verify(
    "200 pictures of a sphere, no shadows: rank", np.linalg.matrix_rank(lamps @ N.T), 3
)
shadowed = np.maximum(0, lamps @ N.T)
s = np.linalg.svd(shadowed, compute_uv=False)
verify_at_least(
    "with shadows: share of the energy in nine dimensions",
    np.sum(s[:9] ** 2) / np.sum(s**2),
    0.99,
)
verify_at_least("with shadows: rank", np.linalg.matrix_rank(shadowed), 100)


# %% tags=["hide-input"]
def lamp(degrees):
    l = np.array([np.sin(np.radians(degrees)), 0.4, np.cos(np.radians(degrees))])
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0))
    for ax, light, name in (
        (left, N @ l, "three numbers"),
        (right, np.maximum(0, N @ l), "with shadow"),
    ):
        image = np.full((32, 32), np.nan)
        image[on] = light
        ax.imshow(image, cmap="gray", vmin=-1, vmax=1.1)
        ax.set(title=name, xticks=[], yticks=[])
        ax.grid(False)
    return fig


explore(
    lamp,
    alt="A sphere lit from the side, twice: shaded linearly from dark to bright, and with the part turned away from the lamp all black",
    degrees=[50, -80, -50, -20, 0, 20, 80],
)

# %% [markdown]
r"""
(intrinsic-dimensionality)=
How many numbers *do* the data need? Their *intrinsic dimension* is rarely known. One estimate: count the pairs of points closer than $r$. On a curve their number grows like $r$, on a surface like $r^2$, in general like $r^k$, whatever the space around it; so the slope of a double logarithmic plot is $k$ {cite:p}`grassberger1983`.
"""


# %%
def correlation_dimension(P, low=0.002, high=0.02):
    """Slope of log (number of pairs closer than r) over log r."""
    D = np.sort(spatial.distance.pdist(P))
    r = np.geomspace(*np.quantile(D, [low, high]), 12)
    return np.polyfit(np.log(r), np.log(np.searchsorted(D, r)), 1)[0]


rng = np.random.default_rng(20)
around = np.linalg.qr(rng.normal(size=(20, 20)))[0]
segment = rng.uniform(size=(2000, 1)) * around[0]
sheet = datasets.make_swiss_roll(2000, random_state=1)[0] @ around[:3]
w = rng.uniform(0, 2 * np.pi, (2000, 3))
torus = np.concatenate([np.cos(w), np.sin(w)], 1) @ around[:6]  # three angles in R²⁰
verify(
    "segment, swiss roll and three angles in R²⁰: correlation dimension",
    [correlation_dimension(P) for P in (segment, sheet, torus)],
    [1, 2, 3],
    atol=0.3,
)
print(f"digits: {correlation_dimension(X):.1f} of 64")

# %% [markdown]
r"""
(dimensionality-reduction-vs-deep-learning)=
A method such as t-SNE gives coordinates to *these* points, and has nothing to say about a new one. A trained encoder is a *map*. That is the difference between manifold learning and deep learning.

(task-driven-features)=
And what counts as a feature depends on what is asked. The colour of a playing card decides whether it is red, says something about hearts, and nothing about ranks. In bits, by counting all 52:
"""

# %%
verify("t-SNE: can it place a new point?", hasattr(manifold.TSNE(), "transform"), False)
new, old = (np.mean((auto.predict(A) - A) ** 2) for A in (X_test, X_train))
verify_at_most(
    "autoencoder: error on new digits over that on those it was trained on",
    new / old,
    1.15,
)

cards = list(itertools.product("SHDC", range(1, 14)))
entropy = lambda p: -sum(q * math.log2(q) for q in p if q > 0)


def information(feature, task):
    """Mutual information in bits between two properties of a random card."""
    share = lambda f: [
        v / 52 for v in np.unique([f(c) for c in cards], return_counts=True)[1]
    ]
    both = lambda c: 2 * feature(c) + task(c)
    return entropy(share(feature)) + entropy(share(task)) - entropy(share(both))


red = lambda c: int(c[0] in "HD")
for name, task, bits in (
    ("is it red", red, 1.0),
    ("is it a heart", lambda c: int(c[0] == "H"), 2 - 0.75 * math.log2(3) - 0.5),
    ("is it above seven", lambda c: int(c[1] > 7), 0.0),
):
    verify(
        f"colour of a card and the question '{name}': bits",
        information(red, task),
        bits,
        atol=1e-12,
    )
# %% [markdown]
r"""
(feature-engineering-vs-learned-representation)=
## Features that are learned

A linear model is as good as its features $\psi(x)$. One can design them, or take a general family such as polynomials; or one can let a network find $\psi(x;\theta)$ from the raw inputs, so that only the *family* has to be chosen. Two interleaved moons, three ways:
"""

# %%
moons, side = datasets.make_moons(1000, noise=0.15, random_state=0)
fit_moons, new_moons = slice(0, 500), slice(500, 1000)
models = {
    "raw inputs": linear_model.LogisticRegression(),
    "degree 3 by hand": make_pipeline(
        PolynomialFeatures(3), StandardScaler(), linear_model.LogisticRegression(C=100)
    ),
    "learned": MLPClassifier(
        (16,), activation="tanh", learning_rate_init=0.03, max_iter=300, random_state=1
    ),
}
moon_score = {
    name: m.fit(moons[fit_moons], side[fit_moons]).score(
        moons[new_moons], side[new_moons]
    )
    for name, m in models.items()
}
print({name: round(float(s), 3) for name, s in moon_score.items()})
verify_at_least(
    "moons: accuracy won over raw inputs by features made and learned",
    [moon_score[k] - moon_score["raw inputs"] for k in ("degree 3 by hand", "learned")],
    0.05,
)
hidden = np.tanh(moons @ models["learned"].coefs_[0] + models["learned"].intercepts_[0])
linear = linear_model.LogisticRegression(C=100).fit(hidden[fit_moons], side[fit_moons])
verify(
    "moons as the network sees them: a line is enough, accuracy against its own",
    linear.score(hidden[new_moons], side[new_moons]),
    moon_score["learned"],
    atol=0.01,
)

# %% mystnb={"image": {"alt": "Left two interleaved half moons that no line separates; right the same points in the plane of two principal components of the hidden layer, with the classes on two sides of a line."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.0))
for ax, P, name in (
    (axes[0], moons, "as given"),
    (
        axes[1],
        np.c_[linear.decision_function(hidden) / 4, PCA(1).fit_transform(hidden)],
        "as represented",
    ),
):
    for k, c in ((0, plot.BLUE), (1, plot.RED)):
        ax.plot(*P[side == k].T, ".", ms=3, color=c)
    ax.set(title=name, xticks=[], yticks=[])
axes[1].axvline(0, color=plot.GREY)
axes[1].set_xlabel("direction that decides")
plt.show()

# %% [markdown]
r"""
(deep-learning-definition)=
This book's working definition: *deep learning* extracts features by composing simple nonlinear maps, driven by a task. Driven means that what serves the task is sharpened and the rest is thrown away. In a network trained to read digits, the second hidden layer should know the *class* better than the pixels do, and other facts, say how much ink was used, worse.
"""

# %%
reader = MLPClassifier(
    hidden_layer_sizes=(64, 32),
    learning_rate_init=0.01,
    max_iter=40,
    tol=0,
    n_iter_no_change=1000,
    random_state=2,
)
reader.fit(X_train, y_train)


def inside_of(net, A, layer):
    """Activations of a trained sklearn network after so many ReLU layers."""
    for W, b in list(zip(net.coefs_, net.intercepts_))[:layer]:
        A = np.maximum(A @ W + b, 0)
    return A


verify(
    "the activations lead to the network's own answers",
    np.argmax(
        inside_of(reader, X_test, 2) @ reader.coefs_[2] + reader.intercepts_[2], 1
    ),
    reader.predict(X_test),
)
few_train, rng = (
    np.random.default_rng(21).choice(len(X_train), 100, replace=False),
    None,
)
probe = lambda A, B: (
    linear_model.LogisticRegression(max_iter=500)
    .fit(A[few_train], y_train[few_train])
    .score(B, y_test)
)
total_ink = lambda A: A.sum(1)
ink_probe = lambda A, B: (
    linear_model.Ridge(1.0).fit(A, total_ink(X_train)).score(B, total_ink(X_test))
)
deep = [inside_of(reader, A, 2) for A in (X_train, X_test)]
verify_at_least(
    "a hundred labelled digits, linear probe: accuracy on the hidden layer minus "
    "on pixels",
    probe(*deep) - probe(X_train, X_test),
    0.02,
)
verify_at_most(
    "total ink, linear probe: explained on the hidden layer minus on pixels",
    ink_probe(*deep) - ink_probe(X_train, X_test),
    -0.05,
)

# %% [markdown]
r"""
(end-to-end-learning)=
A general learner should be *flexible* (put together from modules, few assumptions), *adaptive* (one generic way of fitting), and let width and depth trade power against cost. The same recipe on three problems; only the loss and the sizes change. Each must beat the answer that ignores the input.
"""

# %%
patients = data.diabetes()
recipe = dict(
    learning_rate_init=0.003, max_iter=60, tol=0, n_iter_no_change=1000, random_state=0
)
beats = {}
net = MLPClassifier(hidden_layer_sizes=(32,), **recipe).fit(X_train, y_train)
beats["classify digits"] = (1 - net.score(X_test, y_test)) / 0.9
net = MLPRegressor(hidden_layer_sizes=(16,), alpha=1.0, **recipe).fit(
    patients.X_train, patients.y_train
)
beats["progression of diabetes"] = np.mean(
    (net.predict(patients.X_test) - patients.y_test) ** 2
) / np.mean((patients.y_train.mean() - patients.y_test) ** 2)
net = MLPRegressor(hidden_layer_sizes=(16,), **recipe).fit(X_train, X_train)
beats["compress digits to 16"] = per_image(net.predict(X_test)) / per_image(average)
print({name: round(float(v), 2) for name, v in beats.items()})
verify_at_most(
    "one recipe, three problems: error over that of ignoring the input",
    list(beats.values()),
    0.75,
)

table = {}
for depth, width in itertools.product((1, 2), (8, 64)):
    net = MLPClassifier(
        hidden_layer_sizes=(width,) * depth, **(recipe | {"max_iter": 25})
    )
    net.fit(X_train, y_train)
    size = sum(W.size + b.size for W, b in zip(net.coefs_, net.intercepts_))
    table[depth, width] = size, 1 - net.score(X_test, y_test)
    print(
        f"depth {depth}, width {width:2d}: {size:5d} parameters, "
        f"test error {100 * table[depth, width][1]:.0f} %"
    )
verify_at_most(
    "width 64 over width 8: test error",
    [table[d, 64][1] / table[d, 8][1] for d in (1, 2)],
    0.8,
)

# %% [markdown]
r"""
(representation-reuse)=
### Used again

Inner layers trained for one task can serve another one that has few examples. Train on all ten classes, freeze the hidden layer, and learn *odd or even* from twenty labels. And a warning: if the first task was only about the digits 0 to 4, its features are worse than pixels for telling 5 to 9 apart.
"""


# %%
def transfer(base, A_train, t_train, A_test, t_test, pick, runs, rng):
    """Accuracy with pixels and with the frozen hidden layer of base, (runs, 2)."""
    rows = []
    for _ in range(runs):
        some = pick(t_train, rng)
        rows.append(
            [
                linear_model.LogisticRegression(max_iter=500)
                .fit(f(A_train)[some], t_train[some])
                .score(f(A_test), t_test)
                for f in (lambda A: A, lambda A: inside_of(base, A, 1))
            ]
        )
    return np.array(rows)


base = MLPClassifier(
    hidden_layer_sizes=(64,),
    learning_rate_init=0.01,
    max_iter=30,
    tol=0,
    n_iter_no_change=1000,
    random_state=0,
).fit(X_train, y_train)
rng = np.random.default_rng(22)
twenty = lambda t, rng: rng.choice(len(t), 20, replace=False)
related = transfer(base, X_train, y_train % 2, X_test, y_test % 2, twenty, 20, rng)
gain = related[:, 1] - related[:, 0]
verify_at_least(
    "odd or even from 20 labels: gain by the frozen layer, in standard errors",
    gain.mean() / (gain.std(ddof=1) / np.sqrt(20)),
    3.0,
)
low, high_, high_test = y_train < 5, y_train >= 5, y_test >= 5
narrow = MLPClassifier(
    hidden_layer_sizes=(64,),
    learning_rate_init=0.01,
    max_iter=30,
    tol=0,
    n_iter_no_change=1000,
    random_state=0,
)
narrow.fit(X_train[low], y_train[low])
five_each = lambda t, rng: np.concatenate(
    [rng.choice(np.flatnonzero(t == k), 5, replace=False) for k in range(5, 10)]
)
unrelated = transfer(
    narrow,
    X_train[high_],
    y_train[high_],
    X_test[high_test],
    y_test[high_test],
    five_each,
    20,
    rng,
)
print(
    "odd or even: pixels {:.2f}, frozen layer {:.2f};  5 to 9 after 0 to 4: pixels "
    "{:.2f}, frozen layer {:.2f}".format(*related.mean(0), *unrelated.mean(0))
)
verify_at_most(
    "5 to 9 with features made for 0 to 4: gain over pixels",
    (unrelated[:, 1] - unrelated[:, 0]).mean(),
    -0.02,
)

# %% [markdown]
r"""
(bias-skewed-sample)=
## When the data mislead

A data set is not the world; somebody collected it. Three ways in which it can lead astray, each in a dozen lines.

**It looks where it has looked.** Two districts with the same rate of crime, one half a day. Records start at 11 and 10. Every day the patrol goes where more has been recorded, and records what it finds there.
"""


# %%
def patrol(days, follow, rng):
    """Share of the records that fall on district 1 after so many days."""
    records = np.array([11, 10])
    for _ in range(days):
        where = int(np.argmax(records)) if follow else rng.integers(2)
        records[where] += rng.random() < 0.5
    return records[0] / records.sum()


rng = np.random.default_rng(23)
followed = [patrol(1000, True, rng) for _ in range(20)]
verify_at_least(
    "patrols that follow the records: recorded share of district 1", followed, 0.95
)
verify(
    "patrols by lot: recorded share of district 1",
    np.mean([patrol(1000, False, rng) for _ in range(20)]),
    0.5,
    atol=0.02,
)

# %% [markdown]
r"""
(bias-tainted-examples)=
**It repeats what people did.** Applicants have a skill $s$ and belong to a group that has nothing to do with it. Fair labels say $s>0$; the recorded decisions asked $s>0.8$ of group 1. A perfectly fitted model asks the same.
"""

# %%
rng = np.random.default_rng(24)
s, group = rng.normal(size=4000), rng.integers(2, size=4000)
bar = {}
for name, needed in (("recorded", 0.8), ("fair", 0.0)):
    hired = s > needed * group
    w = linear_model.LogisticRegression(C=1e3).fit(np.c_[s, group], hired).coef_[0]
    bar[name] = -w[1] / w[0]  # how much more skill group 1 must have
verify(
    "bar for group 1 minus bar for group 0, learned from the recorded decisions",
    bar["recorded"],
    0.8,
    atol=0.15,
)
verify("… learned from fair ones", bar["fair"], 0.0, atol=0.1)

# %% [markdown]
r"""
(bias-sample-size-disparity)=
**It counts heads.** Two groups in which different things matter: the label is the sign of $x_1$ in one and of $x_2$ in the other. One model for both minimises the *average* error, and the average belongs to the majority. Drag the share of the minority.
"""


# %%
def pooled(share, rng, n=2000):
    """Accuracy of one logistic regression on majority and minority, and its weights."""
    minority = np.arange(n) < share * n
    P = rng.normal(size=(n, 2))
    label = np.where(minority, P[:, 1], P[:, 0]) > 0
    model = linear_model.LogisticRegression().fit(P, label)
    T = rng.normal(size=(4000, 2))
    return (model.score(T, T[:, 0] > 0), model.score(T, T[:, 1] > 0), model.coef_[0])


result = pooled(0.05, np.random.default_rng(25))
verify_at_least("5 % minority: accuracy on the majority", result[0], 0.95)
verify_at_most("… on the minority, where guessing has 0.5", result[1], 0.65)
for w, accs in (
    (r[2], r[:2]) for r in (pooled(q, np.random.default_rng(26)) for q in (0.05, 0.3))
):
    angle = np.degrees(np.arctan2(w[1], w[0]))
    verify(
        f"boundary turned by {angle:.0f}°: accuracies 1 − angle/180° and ½ + angle/180°",
        accs,
        [1 - angle / 180, 0.5 + angle / 180],
        atol=0.02,
    )


# %% tags=["hide-input"]
def minority(share):
    rng = np.random.default_rng(27)
    major, minor, w = pooled(share, rng)
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    P = rng.normal(size=(400, 2))
    few = np.arange(400) < share * 400
    label = np.where(few, P[:, 1], P[:, 0]) > 0
    for mask, marker, size in ((~few, ".", 4), (few, "^", 5)):
        for k, c in ((0, plot.ORANGE), (1, plot.BLUE)):
            left.plot(*P[mask & (label == k)].T, marker, ms=size, color=c)
    left.plot([-3 * w[1], 3 * w[1]], [3 * w[0], -3 * w[0]], color="black")
    left.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    right.bar(["majority", "minority"], [major, minor], color=[plot.GREY, plot.RED])
    right.axhline(0.5, color="black", lw=1, ls=":")
    right.set(ylim=(0, 1), title="accuracy")
    return fig


explore(
    minority,
    alt="Points of a majority and a minority with the common boundary, and the accuracies of both: with a small minority the boundary serves the majority and the minority is guessed at",
    share=[0.05, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
)

# %% [markdown]
r"""
(df-practice)=
## In practice

Before the first model: shapes, types, missing values, duplicates, ranges, then pictures. Scale what has units, and do it inside the pipeline, so that nothing of the test set leaks into training. By hand and by the library:
"""

# %%
A = np.c_[rng.normal(3, 10, 200), rng.exponential(0.01, 200)]
scaler = StandardScaler().fit(A[:150])
verify(
    "standardised with the training part's mean and deviation",
    scaler.transform(A[150:]),
    (A[150:] - A[:150].mean(0)) / A[:150].std(0),
    atol=1e-12,
)
pipe = make_pipeline(
    StandardScaler(), PCA(20), linear_model.LogisticRegression(max_iter=300)
)
pipe.fit(X_train, y_train)
mean, sd = X_train.mean(0), np.where(X_train.std(0) > 0, X_train.std(0), 1)
whitened = (X_train - mean) / sd
_, _, V20 = np.linalg.svd(whitened, full_matrices=False)
codes = (X_test - mean) / sd @ V20[:20].T
theirs = pipe[:-1].transform(X_test)
verify(
    "scaling and PCA in a pipeline, and by hand: codes up to sign",
    abs(codes),
    abs(theirs),
    atol=1e-8,
)

# %% [markdown]
r"""
| first question | then |
|---|---|
| what is one example, and how were they collected? | [three ways to be misled](#bias-skewed-sample) |
| what is the baseline? | [the answer that ignores the input](#ml-task-taxonomy) |
| are entries missing, and why these? | [impute, or integrate out](#missing-value-imputation) |
| how many features for how many examples? | [the peak](#hughes-phenomenon) |
| what may change without changing the answer? | [a prior](#forms-of-prior-knowledge) |

## Beware

**Correlation measures lines.** Zero correlation is not independence: $y=x^2$ depends on $x$ completely.
"""

# %%
x = np.linspace(-1, 1, 1001)
verify("x and x²: correlation", np.corrcoef(x, x**2)[0, 1], 0.0, atol=1e-12)
verify(
    "|x| and x²: rank correlation",
    stats.spearmanr(abs(x), x**2).statistic,
    1.0,
    atol=1e-9,
)

# %% [markdown]
"""
**A trend in every group, and the opposite in all.** Groups that differ in both variables can turn a relation around (Simpson).
"""

# %%
rng = np.random.default_rng(28)
centre = np.repeat([0.0, 2.0, 4.0], 100)
x = centre + rng.normal(0, 0.5, 300)
y = 2 * centre - 1.0 * (x - centre) + rng.normal(0, 0.3, 300)
slopes = [np.polyfit(x[centre == c], y[centre == c], 1)[0] for c in (0, 2, 4)]
verify("three groups: slope in each", slopes, [-1.0, -1.0, -1.0], atol=0.2)
verify_at_least("all together: slope", np.polyfit(x, y, 1)[0], 1.0)

# %% [markdown]
"""
**Nearest neighbours need a scale.** Measure one of two features in millimetres instead of metres and the other is no longer seen.
"""

# %%
P = rng.normal(size=(400, 2))
side_label = P[:, 0] > 0
in_mm = P * [1.0, 1000.0]
knn = lambda A: (
    KNeighborsClassifier(5)
    .fit(A[:200], side_label[:200])
    .score(A[200:], side_label[200:])
)
verify_at_least("five neighbours: accuracy with both features in metres", knn(P), 0.9)
verify_at_most("… with the irrelevant one in millimetres", knn(in_mm), 0.65)

# %% [markdown]
"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""


# %% tags=["remove-cell"] jupyter={"source_hidden": true}
@exercise.define("df-line")
def _(answer):
    slope, offset = answer
    assert abs(slope - 0.816 * np.sqrt(4.12 / 11)) < 0.01, (
        "the slope is r times sd(y)/sd(x)"
    )
    assert abs(offset - (7.5 - slope * 9)) < 0.02, "the line goes through the means"


@exercise.define("df-match")
def _(answer):
    rng = np.random.default_rng(30)
    Z = rng.exponential(size=(50, 3))
    C = np.array([[2.0, 0.3, 0], [0.3, 1.0, -0.2], [0, -0.2, 0.5]])
    said = answer(Z, np.array([1.0, 2.0, 3.0]), C)
    assert np.allclose(said.mean(0), [1, 2, 3]), "the mean is not as asked"
    assert np.allclose(np.cov(said.T), C), "the covariance is not as asked"


@exercise.define("df-strip")
def _(answer):
    assert abs(answer - 0.999**1000) < 1e-3, "all thousand must be right"


@exercise.define("df-points")
def _(answer):
    assert answer == 20**5, "twenty along each of five axes"


@exercise.define("df-equator")
def _(answer):
    for d in (3, 100):
        rng = np.random.default_rng(31)
        u = rng.normal(size=(200_000, d))
        share = np.mean(abs(u[:, 0] / np.linalg.norm(u, axis=1)) < 0.1)
        assert abs(answer(d) - share) < 0.005, (
            f"in {d} dimensions sampling says {share:.3f}"
        )


@exercise.define("df-sphere-shell")
def _(answer):
    for d in (1, 10, 500):
        assert np.isclose(answer(d), 1 - 0.99**d), "volume scales with the d-th power"


@exercise.define("df-impute")
def _(answer):
    rng = np.random.default_rng(32)
    mean, S = rng.normal(size=5), np.cov(rng.normal(size=(5, 20)))
    x = rng.normal(size=5)
    x[[1, 4]] = np.nan
    filled = answer(x, mean, S)
    o, m = [0, 2, 3], [1, 4]
    true = mean[m] + S[np.ix_(m, o)] @ np.linalg.solve(S[np.ix_(o, o)], x[o] - mean[o])
    assert np.allclose(filled[o], x[o]), "what was observed must stay"
    assert np.allclose(filled[m], true), "not the conditional mean"


@exercise.define("df-anneal")
def _(answer):
    target, keep = answer
    assert np.ndim(target) == 2 and np.shape(target)[1] == 2, "a drawing is (points, 2)"
    five = lambda Z: np.round(
        100 * np.r_[Z.mean(0), Z.std(0), np.corrcoef(Z.T)[0, 1]]
    ).astype(int)
    assert np.array_equal(five(keep), five(blob)), "the report has changed"
    away = spatial.cKDTree(target).query(keep)[0].mean()
    assert away < 0.15, (
        f"the cloud is still {away:.2f} away from the drawing on average"
    )
    assert spatial.cKDTree(fish).query(keep)[0].mean() > 0.15, "that is the fish again"


# %% [markdown]
r"""
:::{exercise} From the report
:label: ex-df-line
Give slope and offset of Anscombe's common line from the five numbers of the opening alone.
:::
"""

# %%
from_report = ...  # a pair (slope, offset)

exercise("df-line").check(from_report)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The slope is $r\,s_y/s_x$ and the line passes through the means.

```python
slope_ = 0.816 * (4.12 / 11)**0.5
from_report = (slope_, 7.5 - slope_ * 9)
```

</details>

:::{exercise} Any cloud, any dimension
:label: ex-df-match
Write [the matching map](#eq-df-match) for clouds in any dimension.
:::
"""

# %%
match_any = ...  # a function of Z (n, d), mean (d,), C (d, d)

exercise("df-match").check(match_any)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Nothing in it depended on two dimensions.

```python
def match_any(Z, mean, C):
    A = np.linalg.cholesky(C) @ np.linalg.inv(np.linalg.cholesky(np.cov(Z.T)))
    return mean + (Z - Z.mean(0)) @ A.T
```

</details>

:::{exercise} A page of text
:label: ex-df-strip
A reader recognises 99.9 % of the letters. With what probability is a page of 1000 letters free of mistakes, if they are independent?
:::
"""

# %%
page = ...  # a probability

exercise("df-strip").check(page)

# %% [markdown]
r"""
<details><summary>Solution</summary>

About $e^{-1}$: more pages with mistakes than without.

```python
page = 0.999**1000
```

</details>

:::{exercise} Cover
:label: ex-df-points
How many grid points cover $[0,1]^5$ at a resolution of one twentieth?
:::
"""

# %%
cover = ...  # a whole number

exercise("df-points").check(cover)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Three million points for five features.

```python
cover = 20**5
```

</details>

:::{exercise} Near the equator
:label: ex-df-equator
What share of the sphere in $\mathbb R^d$ lies within $\pm0.1$ of the equator of a given pole? (The first coordinate $t$ of a random direction has a density proportional to $(1-t^2)^{(d-3)/2}$.)
:::
"""

# %%
equator = ...  # a function of d

exercise("df-equator").check(equator)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A tenth in three dimensions, two thirds in a hundred.

```python
def equator(d):
    density = lambda t: (1 - t * t)**((d - 3) / 2)
    return integrate.quad(density, -0.1, 0.1)[0] / integrate.quad(density, -1, 1)[0]
```

</details>

:::{exercise} All peel
:label: ex-df-sphere-shell
What share of the volume of a ball in $\mathbb R^d$ lies in the outermost hundredth of its radius?
:::
"""

# %%
peel = ...  # a function of d

exercise("df-sphere-shell").check(peel)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The inner ball has $0.99^d$ of the volume. In 500 dimensions an orange is 99 % peel.

```python
peel = lambda d: 1 - 0.99**d
```

</details>

:::{exercise} Fill the gaps
:label: ex-df-impute
Fill the `nan` entries of one vector by [the conditional mean](#eq-df-impute).
:::
"""

# %%
fill = ...  # a function of x (d,), mean (d,), S (d, d)

exercise("df-impute").check(fill)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
def fill(x, mean, S):
    m = np.isnan(x)
    filled = x.copy()
    filled[m] = mean[m] + S[np.ix_(m, ~m)] @ np.linalg.solve(S[np.ix_(~m, ~m)],
                                                             x[~m] - mean[~m])
    return filled
```

</details>

:::{exercise} Project: your own drawing
:label: ex-df-anneal
Anneal `blob` towards a drawing of yours, an array (points, 2), without changing the report. Give the drawing and the cloud. (`anneal` uses the table `far`; make it anew. The drawing needs about the mean and the spread of the blob.)
:::
"""

# %%
drawing = ...  # a pair (drawing, cloud)

exercise("df-anneal").check(drawing)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A ring with roughly the right axes will do; the annealing finds the rest.

```python
ring = matched(np.c_[np.cos(u), np.sin(u)], blob.mean(0), np.cov(blob.T))
far = spatial.cKDTree(ring).query(grid)[0].reshape(400, 400).tolist()
cloud = anneal(blob, 40_000, [40_000], np.random.default_rng(0))[40_000]
drawing = (ring, cloud)
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| equal reports | $z\mapsto\mu^*+L^*L^{-1}(z-\bar z)$ gives any cloud any mean and covariance | [matching](#eq-df-match) |
| missing entries | $\mathbb E[x_{\text{mis}}\mid x_{\text{obs}}]=\mu_m+\Sigma_{mo}\Sigma_{oo}^{-1}(x_o-\mu_o)$ | [imputation](#eq-df-impute) |
| model | a family, chosen; parameters, fitted | [family first](#model-as-input-output-map) |
| prior | fewer parameters, and the right continuation | [worth](#prior-reduces-parameters) |
| distances | $\operatorname{sd}(D^2)/\mathbb ED^2=\sqrt{7/5d}$ for uniform points | [concentration](#eq-df-concentrate) |
| angles | $\mathbb E\cos^2=1/d$ for random directions | [orthogonal](#eq-df-cosine) |
| features | data $=\sigma(F)$: few features and a rich map, or many and a plain one | [synthesis](#synthesis-map) |
| intrinsic | what bending does not change; pairs closer than $r$ grow like $r^k$ | [sheet](#isometric-embeddings-of-a-sheet), [dimension](#intrinsic-dimensionality) |
| bias | where one looked, what people did, who was counted | [three ways](#bias-skewed-sample) |

**Further reading.** {cite:t}`anscombe1973` takes four pages and {cite:t}`matejka2017` one animation. {cite:t}`vershynin2018` is the book on high dimensions, {cite:t}`barocas2023` the one on data that mislead.
"""
