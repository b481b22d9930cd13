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
(generative-models-chapter)=
# Generative models

Here are three rows of handwritten digits. One row was written by people. One was drawn by a bell curve, one by ten bell curves. None of the drawn pictures is in any training set. Which row is which, and how could a machine that has never held a pen draw the next one?
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
import math

import matplotlib.pyplot as plt
import numpy as np
import sympy as sp
import torch
from scipy import integrate, optimize, spatial, special, stats
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity, KNeighborsClassifier, KNeighborsRegressor
from torch import nn

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
torch.set_num_threads(1)
X_train, y_train, X_test, y_test = data.digits()  # (1400, 64), (397, 64), in [0, 1]

# %%
pca20 = PCA(20).fit(X_train)
Z_train, Z_test = pca20.transform(X_train), pca20.transform(X_test)
models = {
    k: GaussianMixture(k, reg_covar=1e-3, random_state=0).fit(Z_train) for k in (1, 10)
}
drawn = {k: pca20.inverse_transform(m.sample(60)[0]) for k, m in models.items()}


# %% mystnb={"image": {"alt": "Three rows of twelve 8 by 8 grey digits: the first row noisy, the second mostly legible, the third clean."}} tags=["hide-input"]
def gallery(ax, images, columns, title=""):
    """Square images (n, side²) as one tiled grey picture."""
    images = np.round(16 * np.asarray(images, float)) / 16  # 17 grey values, as scanned
    side = math.isqrt(images.shape[1])
    tiles = np.pad(
        images.reshape(-1, side, side), ((0, 0), (0, 1), (0, 1)), constant_values=0.5
    )
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    ax.imshow(np.vstack(rows)[:-1, :-1], cmap="gray", vmin=0, vmax=1)
    ax.set(title=title, xticks=[], yticks=[])
    ax.grid(False)


fig, axes = plt.subplots(3, 1, figsize=(6.8, 2.3))
for ax, images in zip(axes, (drawn[1], drawn[10], X_test)):
    gallery(ax, images[::5][:12], 12)
plt.show()

# %% [markdown]
r"""
From the top: one Gaussian, ten Gaussians, people. Nobody told the second row what a stroke is; it only learned where pictures are dense and drew from there. By the end of this chapter you will be able to

- **derive** PCA, probabilistic PCA, the variational bound, the change of variables, score matching and diffusion, each from its first line,
- **build** autoencoders, a VAE, a RealNVP flow, an autoregressive net and a diffusion model in a few lines each, and **measure** their densities against a known truth,
- **explain** what a code is, why straight lines between codes are worth more than between pictures, and when they are not,
- **judge** a generator by a number that means something.

It builds on [projections](#orthogonal-projection-onto-subspace) and the [singular value decomposition](#singular-value-decomposition), on [networks](#multilayer-perceptron) and on [Adam](#adam). All cells together run in well under a minute on one core. $x\in\mathbb R^d$ is a picture, $z\in\mathbb R^k$ its code, $\theta$ belongs to the generator, $\phi$ to what inverts it.
"""

# %% [markdown]
r"""
## Where do pictures live?

(generative-model)=
:::{prf:definition} Generative model
:label: def-gm-model
A *generative model* is a distribution $p_\theta$, fitted to samples of an unknown $p_{\text{data}}$, from which new points can be drawn. A *deep* one lets networks compute what $p_\theta$ needs.
:::

Its samples are as good as $p_\theta\approx p_{\text{data}}$ is. The fair measure is the log-likelihood of pictures that took no part in the fit: bits wasted by expecting the wrong things. Ten Gaussians expect better than one, and they do not copy.
"""

# %%
held_out = {k: m.score(Z_test) for k, m in models.items()}
by_scipy = stats.multivariate_normal(
    Z_train.mean(0), np.cov(Z_train.T, ddof=0) + 1e-3 * np.eye(20)
)
verify(
    "one Gaussian: held-out log-likelihood per digit, in nats",
    held_out[1],
    by_scipy.logpdf(Z_test).mean(),
    rtol=1e-6,
)
verify_at_least(
    "ten Gaussians gain over one, in nats a held-out digit",
    held_out[10] - held_out[1],
    5,
)
verify_at_least(
    "distance of a drawn digit to the nearest training digit, smallest of 60",
    spatial.distance.cdist(drawn[10], X_train).min(),
    0.3,
)

# %% [markdown]
r"""
(distribution-on-image-space)=
A distribution over $w\times h$ pictures is a density $p:\mathbb R^{wh}\to[0,\infty)$. It must be high near every plausible picture, so also near its slightly changed neighbours, and low elsewhere. And elsewhere is nearly everything. Draw pictures with all grey values equally likely, and ask how far the nearest digit is; then smear every training digit into a small Gaussian (a *kernel density estimate*) and ask for log-densities.
"""

# %%
rng = np.random.default_rng(0)
noise = rng.uniform(size=(1000, 64))
nearest = spatial.KDTree(X_train)


def log_kde(x, centres, width):
    """log of the mean of Gaussians of standard deviation `width` at the centres."""
    squared = spatial.distance.cdist(x, centres, "sqeuclidean")
    d = centres.shape[1]
    return (
        special.logsumexp(-squared / 2 / width**2, axis=1)
        - np.log(len(centres))
        - d / 2 * np.log(2 * np.pi * width**2)
    )


far, near = (nearest.query(x)[0].mean() for x in (noise, X_test))
density = {
    "digits": log_kde(X_test, X_train, 0.3),
    "noise": log_kde(noise, X_train, 0.3),
}
verify(
    "mean distance to the nearest digit: random pictures, held-out digits",
    [far, near],
    [3.54, 1.06],
    atol=0.05,
)
verify_at_least(
    "even the least likely digit beats the likeliest random picture by, in nats",
    density["digits"].min() - density["noise"].max(),
    5,
)

# %%
square, width = np.linspace(-2, 2, 401), 0.3
verify(
    "a kernel density estimate in one dimension integrates to one",
    np.trapezoid(
        np.exp(log_kde(square[:, None], np.array([[-0.2], [0.5]]), width)), square
    ),
    1.0,
    atol=1e-5,
)
verify(
    "log-density of a picture under one kernel is the Gaussian's",
    log_kde(X_test[:5], X_train[:1], 0.3),
    stats.multivariate_normal(X_train[0], 0.09 * np.eye(64)).logpdf(X_test[:5]),
)

# %% [markdown]
r"""
Digits are isolated islands: a random picture is three times as far from a digit as digits are from each other. Points of low density are called *out of distribution*.

:::{admonition} A density is not a probability
:class: correction
**The notes say** that $p$ maps a picture to a likelihood in $(0,1)$.

**Right is:** a density is non-negative and integrates to one, but may exceed one. Only probabilities of events stay in $[0,1]$.
:::
"""

# %%
sharp = stats.norm(0, 0.1)
verify("peak of the density of N(0, 0.1²)", sharp.pdf(0), 10 / np.sqrt(2 * np.pi))
verify(
    "probability of the event |x| < 0.1, by integrating that density",
    integrate.quad(sharp.pdf, -0.1, 0.1)[0],
    special.erf(1 / np.sqrt(2)),
)

# %% [markdown]
r"""
(density-estimation)=
*Density estimation* is to find $p_\theta$ from samples. A *prescribed* model writes down a normalised density. That is easy for a histogram, a kernel estimate or a mixture; all three, fitted to the same 500 points of a skewed law, integrate to one and can be compared by their held-out log-likelihood with the best possible one, minus the entropy.
"""

# %%
gamma = stats.gamma(3.0)
sample, test = (gamma.rvs(n, random_state=s) for n, s in ((500, 1), (20_000, 2)))
x = np.linspace(-2, 20, 22_001)
counts, edges = np.histogram(sample, 15)
heights = (counts + 0.5) / (counts + 0.5).sum() / (edges[1] - edges[0])  # no bin empty
estimates = {
    "histogram": lambda t: np.r_[0, heights, 0][np.searchsorted(edges, t)] + 1e-300,
    "kernels": stats.gaussian_kde(sample),
    "mixture": lambda t, m=GaussianMixture(3, random_state=0).fit(sample[:, None]): (
        np.exp(m.score_samples(t[:, None]))
    ),
}
for name, p in estimates.items():
    verify(f"{name}: integral", p(x).sum() * (x[1] - x[0]), 1.0, atol=1e-3)
    inside = test[(test > edges[0]) & (test < edges[-1])]
    cost = np.mean(gamma.logpdf(inside) - np.log(p(inside)))
    verify_at_least(
        f"{name}: held-out nats lost against the true gamma density", cost, 0.0
    )
    verify_at_most(f"{name}: held-out nats lost, at most", cost, 0.08)

# %% [markdown]
r"""
But give $n$ binary pixels an energy, $p(s)=e^{-E(s)}/Z$, and the normaliser $Z$ is a sum of $2^n$ terms. For a ring of spins with $E=-J\sum_is_is_{i+1}$ there happens to be a closed form, $(2\cosh J)^n+(2\sinh J)^n$; brute force confirms it, and doubles its work with every spin. For a network as energy there is no closed form. Hence the three ways out that this chapter takes: introduce hidden variables, do without the normaliser, or do without the density.
"""

# %%
J, terms = 0.4, []
for n in (8, 12, 16):
    spins = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)  # (2ⁿ, n)
    Z = np.exp(J * (spins * np.roll(spins, 1, axis=1)).sum(1))
    terms.append(Z.size)
    verify(
        f"{n} spins: sum over all states",
        Z.sum(),
        (2 * np.cosh(J)) ** n + (2 * np.sinh(J)) ** n,
    )
verify("four spins more: so many times the terms", terms[2] // terms[1], 16)

# %% [markdown]
r"""
## Fewer numbers

(dimensionality-reduction)=
A digit needs 64 numbers on paper. How many does it need in truth? *Dimensionality reduction* replaces $n$ points in $\mathbb R^d$ by $n$ codes in $\mathbb R^k$, $k\ll d$, keeping what matters. With a way back and a law of the codes it is a generative model: the opening's second row was exactly that.

(principal-component-analysis)=
The linear way is *principal component analysis*. Centre the data (rows of $X$, mean zero; the mean is added back at the end) and look for the unit direction $w$ along which the data vary most.

(pca-error-variance-duality)=
Or should one look for the line that the points are closest to? It is the same. By Pythagoras, for every unit $w$,

$$
\sum_i\|x_i\|^2=\sum_i(w^\top x_i)^2+\sum_i\|x_i-ww^\top x_i\|^2 ,
$$ (eq-gm-pythagoras)

and the left side does not depend on $w$: what the projections gain in variance the residuals lose.

(pca-eigenproblem)=
So maximise $w^\top Sw$ with $S=\frac1nX^\top X$ under $\|w\|=1$. [Lagrange](#lagrange-multipliers) gives $2Sw=2\lambda w$: an eigenvector, with value $w^\top Sw=\lambda$, so the largest one. Orthogonally to it the same argument yields the next, and so on. Turn the line, and watch the two curves add up.
"""

# %% tags=["hide-input"]
rng = np.random.default_rng(1)
cloud = rng.normal(size=(200, 2)) @ np.array([[1.5, 0.9], [0, 0.5]])
cloud -= cloud.mean(0)
grid = np.radians(np.arange(0, 180, 0.5))


def split(angle):
    """Variance along the direction, and mean squared distance from its line."""
    w = np.array([np.cos(angle), np.sin(angle)])
    along = cloud @ w
    return (along**2).mean(), ((cloud - np.outer(along, w)) ** 2).sum(1).mean()


curves = np.array([split(a) for a in grid])


def segments(a, b):
    """One broken line from each a to its b, for plot."""
    return np.stack([a, b, np.full_like(a, np.nan)], 1).reshape(-1, 2).T


def turn(angle):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
    w = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    foot = np.outer(cloud @ w, w)
    left.plot(*segments(cloud[:60], foot[:60]), color=plot.GREY, lw=0.6)
    left.plot(*cloud.T, ".", color=plot.BLUE, ms=4)
    left.axline((0, 0), tuple(w), color=plot.RED)
    left.set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    for curve, colour, name in zip(
        curves.T, (plot.RED, plot.GREY), ("along", "residual")
    ):
        right.plot(np.degrees(grid), curve, color=colour, label=name)
    right.plot([angle] * 2, split(np.radians(angle)), "o", color=plot.BLUE)
    right.set(xlabel="angle in degrees", ylim=(0, 4.4), xticks=[0, 60, 120, 180])
    right.legend(ncols=2, loc="upper center")
    return fig


explore(
    turn,
    alt="A cloud of points with a line to turn; right the variance along it and the residual, which add up to a constant",
    angle=[90, 120, 150, 0, 30, 60],
)

# %%
S = cloud.T @ cloud / len(cloud)
lam, vectors = np.linalg.eigh(S)
verify(
    "variance and residual add up to the total at every angle",
    curves.sum(1),
    np.full(360, (cloud**2).sum(1).mean()),
    rtol=1e-12,
)
verify(
    "the best angle is the top eigenvector's",
    grid[curves[:, 0].argmax()],
    np.arctan(vectors[1, 1] / vectors[0, 1]),
    atol=1e-2,
)
verify(
    "the most and the least variance are the eigenvalues",
    [curves[:, 0].min(), curves[:, 0].max()],
    lam,
    rtol=1e-4,
)

# %% [markdown]
r"""
For $k$ directions: $W\in\mathbb R^{d\times k}$ holds the leading eigenvectors of $S$, the codes are $z=W^\top x$, the reconstruction is $Wz$. Written with the SVD $X=U\Sigma V^\top$, the eigenvectors are the columns of $V$ and the variances are $\sigma_i^2/n$. Two ways, one answer, and scikit-learn's.
"""

# %%
mean = X_train.mean(0)
X = X_train - mean
n, d = X.shape
lam, W = np.linalg.eigh(X.T @ X / n)
lam, W = lam[::-1], W[:, ::-1]  # largest first
sigma, Vt = np.linalg.svd(X, full_matrices=False)[1:]
theirs = PCA(10).fit(X_train)
verify(
    "variances: eigenvalues against squared singular values over n",
    lam,
    sigma**2 / n,
    atol=1e-12,
)
verify(
    "variances: ours times n/(n−1) against scikit-learn's",
    lam[:10] * n / (n - 1),
    theirs.explained_variance_,
    rtol=1e-8,
)
for name, ours in {"eigenvectors": W.T[:10], "right singular vectors": Vt[:10]}.items():
    verify(
        f"{name} = scikit-learn's components, up to sign",
        abs((ours * theirs.components_).sum(1)),
        np.ones(10),
        atol=1e-8,
    )


# %%
def reconstruct(x, k):
    return mean + (x - mean) @ W[:, :k] @ W[:, :k].T


for k in (2, 10, 30):
    verify(
        f"k = {k}: squared error per digit is the sum of the discarded eigenvalues",
        ((X_train - reconstruct(X_train, k)) ** 2).sum(1).mean(),
        lam[k:].sum(),
        rtol=1e-10,
    )
verify("k = 64: nothing is lost", reconstruct(X_test, 64), X_test, atol=1e-12)
share = np.cumsum(lam) / lam.sum()
verify("two components hold this share of the variance", share[1], 0.286, atol=0.005)
verify("components that hold 95 %", int(np.argmax(share >= 0.95)) + 1, 29, atol=1)
verify(
    "for random unit w on digits: variance + residual = total",
    np.sum((X @ W[:, 5]) ** 2) + np.sum((X - np.outer(X @ W[:, 5], W[:, 5])) ** 2),
    np.sum(X**2),
    rtol=1e-12,
)


# %% tags=["hide-input"]
def fewer(k):
    fig, axes = plt.subplots(2, 1, figsize=(6.8, 2.2))
    gallery(axes[0], X_test[:10], 10, "held-out digits")
    gallery(
        axes[1],
        reconstruct(X_test[:10], k),
        10,
        f"from {k} numbers, {100 * share[k - 1]:.0f} % of the variance",
    )
    return fig


explore(
    fewer,
    alt="Ten held-out digits and below their reconstructions from k principal components, recognisable from about 10 on",
    k=[2, 5, 10, 20, 30, 64],
)

# %% [markdown]
r"""
:::{admonition} Scatter, covariance, and what must be centred
:class: correction
**The notes say** that $XX^\top$ (points in columns) is the covariance; that the variances can be read off the singular values of the raw data; and that there are at most $n$ components.

**Right is:** $XX^\top$ is the *scatter*, $n$ times the covariance (same eigenvectors, other values). The data must be centred first, or the first direction is the mean's. And $k\le d$, of which at most $\min(d,n-1)$ carry variance.
:::
"""

# %%
raw = np.linalg.svd(X_train, full_matrices=False)[2][0]
verify_at_least(
    "uncentred: |cos| between the first direction and the mean",
    abs(raw @ mean) / np.linalg.norm(mean),
    0.95,
)
verify(
    "scatter over covariance (divided by n − 1): trace",
    np.trace(X.T @ X) / np.trace(np.cov(X_train.T)),
    float(n - 1),
    rtol=1e-9,
)
verify(
    "30 centred digits in 64 dimensions: directions with variance",
    int(np.linalg.matrix_rank(X_train[:30] - X_train[:30].mean(0))),
    29,
)

# %% [markdown]
r"""
The eigenproblem needs no library: repeated multiplication finds the top pair, and after subtracting $\lambda_1w_1w_1^\top$ (*deflation*) the second. And ten thousand random unit directions never see more variance than $\lambda_1$.
"""

# %%
S = X.T @ X / n


def power(S, steps=500):
    w = np.ones(len(S)) / np.sqrt(len(S))
    for _ in range(steps):
        w = S @ w / np.linalg.norm(S @ w)
    return w @ S @ w, w


top, w1 = power(S)
second, w2 = power(S - top * np.outer(w1, w1))
verify(
    "power iteration and deflation: the two largest variances",
    [top, second],
    lam[:2],
    rtol=1e-9,
)
verify(
    "their directions", [abs(w1 @ W[:, 0]), abs(w2 @ W[:, 1])], [1.0, 1.0], atol=1e-9
)
random = np.random.default_rng(2).normal(size=(10_000, d))
random /= np.linalg.norm(random, axis=1, keepdims=True)
quadratic = ((random @ S) * random).sum(1)
verify_at_most("variance along 10 000 random directions", quadratic, lam[0])
verify(
    "wᵀSw is the variance of the projections",
    quadratic[:200],
    (X @ random[:200].T).var(0),
    rtol=1e-9,
)

# %% [markdown]
r"""
:::{admonition} The constraint makes the maximum
:class: correction
**The notes say** that PCA maximises $\|X^\top w\|^2$, which they call the variance.

**Right is:** under $\|w\|=1$; without it, doubling $w$ quadruples the value for ever. And the variance is $\frac1n$ of it, which moves no maximiser.
:::
"""

# %%
verify(
    "twice the w: so many times the “maximum”",
    np.sum((X @ (2 * w1)) ** 2) / np.sum((X @ w1) ** 2),
    4.0,
)
verify("‖Xw‖² over the variance", np.sum((X @ w1) ** 2) / (X @ w1).var(), float(n))

# %% [markdown]
r"""
What fewer numbers are good for: they throw noise away, since noise spreads over all 64 directions and digits do not; and they betray outliers, which the few directions cannot rebuild.
"""

# %%
noisy = X_test + np.random.default_rng(3).normal(0, 0.25, X_test.shape)
left = [
    ((reconstruct(noisy, k) - X_test) ** 2).mean() / ((noisy - X_test) ** 2).mean()
    for k in (10, 15, 20)
]
theory = [(lam[k:].sum() + 0.0625 * k) / (0.0625 * 64) for k in (10, 15, 20)]
verify(
    "error of noisy digits after PCA over before: discarded variance + noise kept",
    left,
    theory,
    rtol=0.08,
)
residual = lambda x: ((x - reconstruct(x, 15)) ** 2).sum(1)
caught = residual(noise) > np.quantile(residual(X_test), 0.99)
verify_at_least(
    "share of random pictures caught as outliers by the residual", caught.mean(), 0.95
)

# %% [markdown]
r"""
(pca-is-not-regression)=
A line through a cloud: is that not [regression](#linear-regression)? No. Regression measures errors along $y$, PCA orthogonally to the line, treating the coordinates alike. With noise in $y$ only, three slopes result. Let $s_{xy}$ be the covariance and $s_x^2,s_y^2$ the variances: $y$ on $x$ gives $s_{xy}/s_x^2$, $x$ on $y$ gives $s_y^2/s_{xy}$, and PCA lies between.
"""

# %% mystnb={"image": {"alt": "The same cloud twice. Left the regression line with vertical residuals, right the steeper first principal component with orthogonal residuals."}} tags=["hide-input"]
rng = np.random.default_rng(4)
x = rng.normal(size=2000)
pair = np.stack([x, 0.5 * x + 0.8 * rng.normal(size=2000)], 1)
pair -= pair.mean(0)


def pca_line(p):
    return np.linalg.eigh(p.T @ p)[1][:, -1]


w = pca_line(pair)
slopes = [
    pair[:, 0] @ pair[:, 1] / (pair[:, 0] @ pair[:, 0]),
    w[1] / w[0],
    pair[:, 1] @ pair[:, 1] / (pair[:, 0] @ pair[:, 1]),
]
feet = [np.stack([pair[:, 0], slopes[0] * pair[:, 0]], 1), np.outer(pair @ w, w)]
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.2), sharey=True)
for ax, foot, slope, name in zip(axes, feet, slopes, ("regression", "PCA")):
    ax.plot(*segments(pair[:80], foot[:80]), color=plot.GREY, lw=0.8)
    ax.plot(*pair[:80].T, ".", color=plot.BLUE)
    ax.axline((0, 0), slope=slope, color=plot.RED)
    ax.set(
        title=f"{name}: slope {slope:.2f}",
        xlabel="$x$",
        aspect="equal",
        xlim=(-3, 3),
        ylim=(-3, 3),
    )
axes[0].set_ylabel("$y$")
plt.show()

# %%
b = (0.89 - 1) / 2 / 0.5  # in the population: s_x² = 1, s_xy = 0.5, s_y² = 0.89
verify(
    "slopes of y on x, PCA, x on y", slopes, [0.5, b + np.hypot(b, 1), 1.78], rtol=0.06
)
verify(
    "the first is scikit-learn's regression",
    slopes[0],
    LinearRegression().fit(pair[:, :1], pair[:, 1]).coef_[0],
)
verify(
    "swap x and y: PCA finds the same line", abs(pca_line(pair[:, ::-1])[::-1] @ w), 1.0
)
verify_at_least(
    "the regression lines of x on y and of y on x: slopes apart by a factor",
    slopes[2] / slopes[0],
    3,
)
verify_at_least("slopes in order, smallest gap", np.diff(slopes), 0.1)

# %% [markdown]
r"""
(codes-encoder-decoder)=
### Codes

Read PCA as two maps. $z=W^\top x$ *encodes*, $x\approx Wz$ *decodes*; each picture is explained by few parameters, its *code*. Both maps are linear and share their weights. The rest of the chapter keeps the two arrows and replaces the maps.

Take 400 cartoon faces, 24×24 pixels, made from three parameters that PCA is not told: smile, eyes, gaze. Move its first two codes.
"""


# %%
def face(smile, eyes, gaze, side=24):
    """Soft-edged cartoon face; smile and gaze in [−1, 1], eyes in [0.3, 1]."""
    v, u = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    soft = lambda distance: 1 / (1 + np.exp(np.clip(25 * distance, -50, 50)))
    head = soft(np.hypot(u / 0.85, v / 0.95) - 1)
    holes = sum(
        soft(np.hypot((u - s - 0.12 * gaze) / 0.16, (v + 0.3) / (0.2 * eyes)) - 1)
        for s in (-0.35, 0.35)
    )
    mouth = soft(abs(v - 0.45 + smile * (u**2 - 0.08) * 1.2) - 0.07) * (abs(u) < 0.45)
    return np.clip(head - holes - mouth, 0, 1).ravel()


rng = np.random.default_rng(5)
expression = np.stack(
    [rng.uniform(-1, 1, 400), rng.uniform(0.3, 1, 400), rng.uniform(-1, 1, 400)], 1
)
faces = np.array([face(*e) for e in expression])  # (400, 576)
face_mean = faces.mean(0)
F = np.linalg.svd(faces - face_mean, full_matrices=False)[2][:3].T  # (576, 3)
encode, decode = lambda x: (x - face_mean) @ F, lambda z: face_mean + z @ F.T

# %% tags=["hide-input"]
spread = encode(faces).std(0)


def move(z_1, z_2):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1), width_ratios=[1.25, 1])
    left.plot(*encode(faces)[:, :2].T / spread[:2, None], ".", color=plot.SKY)
    left.plot(z_1, z_2, "o", color=plot.RED, ms=10)
    left.set(xlabel="$z_1$ / standard deviation", ylabel="$z_2$ / standard deviation")
    gallery(
        right,
        np.clip(decode(spread * np.array([z_1, z_2, 0])), 0, 1)[None],
        1,
        "decoded",
    )
    return fig


explore(
    move,
    alt="Codes of 400 cartoon faces in the plane of two principal components, and the face decoded from the chosen code",
    z_1=[-1.5, 0.0, 1.5],
    z_2=[-1.3, 0.0, 1.3],
)

# %%
codes = np.random.default_rng(6).normal(size=(50, 3))
verify(
    "encode after decode is the identity on codes",
    encode(decode(codes)),
    codes,
    atol=1e-10,
)
once = decode(encode(faces[:50]))
P = F @ F.T
verify("decode after encode is idempotent", decode(encode(once)), once, atol=1e-10)
verify(
    "… and its matrix symmetric: the orthogonal projector on the components",
    once - face_mean,
    (faces[:50] - face_mean) @ P.T,
    atol=1e-10,
)
top_three = PCA(3).fit(faces)
verify(
    "the faces rebuilt: scikit-learn agrees",
    once,
    top_three.inverse_transform(top_three.transform(faces[:50])),
    atol=1e-8,
)

# %% [markdown]
r"""
(pca-as-generator)=
Any code decodes to something, so PCA generates: $x_{\text{new}}=\bar x+Wz_{\text{new}}$. But a linear decoder can only average. The midpoint of two codes decodes to the midpoint of the two reconstructions,

$$
\bar x+W\tfrac12(z_1+z_2)=\tfrac12(\bar x+Wz_1)+\tfrac12(\bar x+Wz_2),
$$

a double exposure. Ask a classifier that has learned digits how sure it is of such pictures.
"""

# %% mystnb={"image": {"alt": "Three rows of eight pictures: digits, other digits, and their PCA midpoints, which look like double exposures."}} tags=["hide-input"]
judge = LogisticRegression(max_iter=300).fit(X_train, y_train)
order = np.random.default_rng(7).permutation(len(X_test))
pairs = order[:396].reshape(2, 198)
pairs = pairs[:, y_test[pairs[0]] != y_test[pairs[1]]]
middle = mean + ((X_test[pairs] - mean) @ W[:, :30]).mean(0) @ W[:, :30].T
fig, axes = plt.subplots(3, 1, figsize=(6.8, 2.7))
for ax, images in zip(axes, (X_test[pairs[0]], X_test[pairs[1]], middle)):
    gallery(ax, np.clip(images[:10], 0, 1), 10)
plt.show()

# %%
sure = lambda x: judge.predict_proba(x).max(1).mean()
verify(
    "the decoded midpoint is the average of the reconstructions",
    middle,
    reconstruct(X_test[pairs], 30).mean(0),
    atol=1e-12,
)
verify_at_least(
    "confidence lost by a classifier from digits to midpoints",
    sure(reconstruct(X_test, 30)) - sure(middle),
    0.2,
)
# %% [markdown]
r"""
## Autoencoders

(linear-autoencoder)=
### The linear one

Suppose nobody had told us about eigenvectors. We would still try to squeeze pictures through $k$ numbers: with an encoder $C\in\mathbb R^{k\times d}$ and a decoder $D\in\mathbb R^{d\times k}$,

$$
\min_{C,D}\ \frac1{2n}\sum_i\|x_i-DCx_i\|^2 .
$$ (eq-gm-linear-ae)

The product makes this non-convex. But with one factor fixed it is least squares in the other: given $D$, the best $C$ is $D^+$; given the codes $Z=XC^\top$, the best $D^\top$ solves $ZD^\top\approx X$. Alternate, from ten random starts.
"""


# %%
def alternate(k, seed, rounds=150):
    D = np.random.default_rng(seed).normal(size=(d, k))
    for _ in range(rounds):
        C = np.linalg.solve(D.T @ D, D.T)
        Z = X @ C.T
        D = np.linalg.solve(Z.T @ Z, Z.T @ X).T
    return C, D


def linear_loss(C, D):
    return ((X - X @ C.T @ D.T) ** 2).sum() / 2 / n


solutions = [alternate(3, seed) for seed in range(10)]
verify(
    "ten random starts, the loss of each: half the discarded variance",
    [linear_loss(*s) for s in solutions],
    np.full(10, lam[3:].sum() / 2),
    rtol=1e-8,
)
C, D = solutions[0]
A = np.random.default_rng(8).normal(size=(3, 3))
verify(
    "(AC, DA⁻¹) is as good as (C, D), for any invertible A",
    linear_loss(A @ C, D @ np.linalg.inv(A)),
    linear_loss(C, D),
    rtol=1e-10,
)

# %% [markdown]
r"""
(linear-autoencoder-is-pca)=
All ten found the same loss, that of PCA. It is a theorem:

:::{prf:theorem} Optimal linear compression
:label: thm-gm-linear-ae
Let $X^\top=U\Sigma V^\top$ (centred points in columns). Then $C=U_k^\top$, $D=U_k=C^\top$ minimises [the loss](#eq-gm-linear-ae): $DCX^\top=U_k\Sigma_kV_k^\top$, and the squared residual is $\sum_{i>k}\sigma_i^2$. If $\sigma_k>\sigma_{k+1}$, every minimiser's decoder has the range of $U_k$; its weights are determined only up to an invertible $k\times k$ matrix.
:::

:::{prf:proof}
$DCX^\top$ has rank at most $k$. By [Eckart and Young](#low-rank-approximation) no such matrix is closer to $X^\top$ than $U_k\Sigma_kV_k^\top$, and none else is as close when the gap is positive. The choice attains it. Any $(AC,DA^{-1})$ has the same product.
:::

Other critical points exist (projections onto other eigenvectors), but they are saddles {cite:p}`baldi1989`; gradient descent passes by. Train one with Adam, weights untied.
"""


# %%
def mlp(*sizes, act=nn.ReLU):
    """Linear layers with an activation between, none at the end."""
    pairs = list(zip(sizes, sizes[1:]))
    layers = [layer for a, b in pairs for layer in (nn.Linear(a, b), act())]
    return nn.Sequential(*layers[:-1])


def train(model, loss, points, steps, lr=5e-3, batch=200, seed=0):
    """Adam with a cosine schedule; loss(x, generator) of a random batch."""
    gen = torch.Generator().manual_seed(seed)
    opt = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps)
    points = torch.tensor(np.asarray(points), dtype=torch.float32)
    for _ in range(steps):
        x = points[torch.randint(len(points), (batch,), generator=gen)]
        opt.zero_grad()
        loss(x, gen).backward()
        opt.step()
        schedule.step()
    return model.requires_grad_(False)


def squared(net):
    """The autoencoder's loss: mean over the batch of the squared distance."""
    return lambda x, gen: ((x - net(x)) ** 2).sum(1).mean()


as_tensor = lambda x: torch.tensor(np.asarray(x), dtype=torch.float32)
per_digit = lambda net, x: (
    ((net(as_tensor(x)) - as_tensor(x)) ** 2).sum(1).mean().item()
)

# %%
torch.manual_seed(0)
C_net, D_net = nn.Linear(64, 5, bias=False), nn.Linear(5, 64, bias=False)
linear = nn.Sequential(C_net, D_net)
train(linear, squared(linear), X, 800, lr=1e-2, batch=300)
C, D = (layer.weight.double().numpy() for layer in (C_net, D_net))
verify("Adam reaches PCA's loss", linear_loss(C, D), lam[5:].sum() / 2, rtol=2e-3)
verify(
    "cosines of the principal angles between decoder and PCA subspace",
    np.linalg.svd(np.linalg.qr(D)[0].T @ W[:, :5])[1],
    np.ones(5),
    atol=1e-3,
)
apart = X @ (D @ C - W[:, :5] @ W[:, :5].T).T
verify_at_most(
    "on the data, decoder ∘ encoder is nearly the projector: relative difference",
    np.linalg.norm(apart) / np.linalg.norm(X @ W[:, :5]),
    0.03,
)
verify_at_least(
    "yet the decoder's columns are not orthonormal: ‖DᵀD − I‖",
    np.linalg.norm(D.T @ D - np.eye(5)),
    0.5,
)

# %%
for k in (1, 5, 20):
    verify(
        f"k = {k}: residual with tied weights C = Dᵀ = Wᵀ is the sum of discarded σ²",
        2 * n * linear_loss(W[:, :k].T, W[:, :k]),
        (sigma[k:] ** 2).sum(),
        rtol=1e-10,
    )

# %% [markdown]
r"""
:::{admonition} What agrees is a subspace of pictures, not of codes
:class: correction
**The notes say** that the codes of a linear autoencoder span the same space as those of PCA.

**Right is:** codes live in $\mathbb R^k$, and any $k$ independent ones span that. What agrees, at the optimum, is the column space of the decoder, in $\mathbb R^d$.
:::
"""

# %%
random_codes = X @ np.random.default_rng(9).normal(size=(64, 5))
verify(
    "codes of a useless random encoder span the code space too",
    int(np.linalg.matrix_rank(random_codes)),
    5,
)
useless = np.linalg.qr(np.random.default_rng(9).normal(size=(64, 5)))[0]
verify_at_most(
    "smallest cosine between a random decoder's range and PCA's",
    np.linalg.svd(useless.T @ W[:, :5])[1].min(),
    0.3,
)

# %% [markdown]
r"""
(autoencoder)=
### Bent

Now replace both maps by networks: an *autoencoder* minimises $\sum_i\|x_i-D(E(x_i))\|^2$ through a narrow code $z=E(x)$. It is an approximate identity, on the data only. (If the target is not the input, one speaks of an encoder-decoder.) With a code of two numbers PCA leaves an error of 3.4 a digit. How far do bent coordinates get?
"""

# %%
torch.manual_seed(0)
E2, D2 = mlp(64, 64, 32, 2), mlp(2, 32, 64, 64)
plane = train(nn.Sequential(E2, D2), squared(nn.Sequential(E2, D2)), X_train, 1000)
pca_error = lambda k: ((X_test - reconstruct(X_test, k)) ** 2).sum(1).mean()
verify_at_most(
    "two numbers a digit: error of the autoencoder over that of PCA, held out",
    per_digit(plane, X_test) / pca_error(2),
    0.75,
)
torch.manual_seed(0)
E8, D8 = mlp(64, 64, 8), mlp(8, 64, 64)
eight = train(nn.Sequential(E8, D8), squared(nn.Sequential(E8, D8)), X_train, 500)
verify_at_most(
    "eight numbers: the same ratio", per_digit(eight, X_test) / pca_error(8), 0.8
)


# %% mystnb={"image": {"alt": "Left the two-number codes of the digits, coloured by class, in separate streaks. Right digits decoded from a grid of codes, changing smoothly from one class to another."}} tags=["hide-input"]
def plane_picture(codes, decoder, low, high, rows=11):
    _, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.5))
    left.scatter(*codes.T, c=y_train[: len(codes)], cmap="tab10", s=5)
    left.set(
        xlabel="$z_1$",
        ylabel="$z_2$",
        title="codes, by class",
        xlim=(low[0], high[0]),
        ylim=(low[1], high[1]),
    )
    z1, z2 = np.meshgrid(
        np.linspace(low[0], high[0], rows), np.linspace(high[1], low[1], rows)
    )
    images = decoder(as_tensor(np.stack([z1.ravel(), z2.ravel()], 1))).numpy()
    gallery(right, np.clip(images, 0, 1), rows, "decoded grid")
    plt.show()


codes2 = E2(as_tensor(X_train)).numpy()
plane_picture(codes2, D2, *np.quantile(codes2, [0.01, 0.99], axis=0))

# %% [markdown]
r"""
The classes separate, though no label was seen.

(bottleneck)=
Why squeeze at all? With $\dim z\ge\dim x$ the network may copy, $D\circ E=\mathrm{id}$, and know nothing of digits. The test is to offer it something that is no digit. For the best linear code of size $k$ a random picture $x$ keeps the share $k/64$ of its (centred) squared norm, on average.
"""

# %%
centred = np.random.default_rng(10).normal(size=(4000, 64))
for k in (2, 10, 32, 64):
    rest = ((centred - centred @ W[:, :k] @ W[:, :k].T) ** 2).sum(1) / 64
    if k < 64:
        verify_within_se(f"k = {k}: share of white noise lost", rest, 1 - k / 64)
    else:
        verify("k = 64: share of white noise lost", rest, np.zeros(4000), atol=1e-12)
verify_at_most(
    "k = 64: error on digits over that at k = 2",
    ((X - X @ W @ W.T) ** 2).sum() / ((X - X @ W[:, :2] @ W[:, :2].T) ** 2).sum(),
    1e-3,
)
strange = np.random.default_rng(11).uniform(size=(500, 64))
verify_at_least(
    "the bent one with eight numbers cannot copy random pictures: share lost",
    per_digit(eight, strange) / (strange**2).sum(1).mean(),
    0.25,
)

# %% [markdown]
r"""
(autoencoder-uses)=
The label was the datum itself: *self-supervised* learning. Afterwards the encoder serves other tasks. Give a linear classifier fifty labelled digits, as eight codes or as 64 pixels.
"""


# %%
def with_fifty_labels(features, test_features):
    """Accuracy of logistic regression, mean over ten draws of fifty labels."""
    scale, scores = features.std(0) + 1e-9, []
    for seed in range(10):
        some = np.random.default_rng(seed).choice(len(features), 50, replace=False)
        fitted = LogisticRegression(max_iter=300).fit(
            features[some] / scale, y_train[some]
        )
        scores.append(fitted.score(test_features / scale, y_test))
    return np.mean(scores)


codes8, codes8_test = (E8(as_tensor(x)).numpy() for x in (X_train, X_test))
accuracy = [
    with_fifty_labels(codes8, codes8_test),
    with_fifty_labels((X_train - mean) @ W[:, :8], (X_test - mean) @ W[:, :8]),
    with_fifty_labels(X_train, X_test),
]
verify(
    "accuracy with fifty labels: 8 codes, 8 principal components, 64 pixels",
    accuracy,
    [0.76, 0.75, 0.78],
    atol=0.06,
)

# %% [markdown]
r"""
A draw: eight numbers carry nearly all that fifty labels can use. No victory is claimed.

:::{admonition} There is nothing uniform on all of space
:class: correction
**The notes say** that from a deterministic autoencoder one can only sample by drawing codes uniformly from the latent space.

**Right is:** there is no uniform distribution on $\mathbb R^k$: a constant density $c>0$ has infinite mass. One may draw uniformly from a box; better, fit a density to the codes.
:::
"""

# %%
verify(
    "mass of the constant density 1 on cubes of side 1, 10, 100 in 8 dimensions",
    [integrate.quad(lambda t: 1.0, 0, s)[0] ** 8 for s in (1, 10, 100)],
    [1, 1e8, 1e16],
)
gen = np.random.default_rng(12)
box = gen.uniform(codes8.min(0), codes8.max(0), (500, 8))
fitted = GaussianMixture(10, random_state=0).fit(codes8).sample(500)[0]
to_digit = {
    name: nearest.query(D8(as_tensor(z)).numpy())[0].mean()
    for name, z in {"box": box, "fitted": fitted}.items()
}
verify_at_least(
    "distance to the nearest digit: codes from a box over codes from a mixture",
    to_digit["box"] / to_digit["fitted"],
    1.5,
)

# %% [markdown]
r"""
(regularized-autoencoder)=
### Wide, but punished

A narrow code is one way to forbid copying. Another is a wide code that pays for what it uses: add $\lambda\|z\|_1$ and, as with [the lasso](#lasso), most of the 128 units fall silent. ($\lambda\|z\|_2^2$ shrinks them all a little and silences none.)
"""


# %%
def sparse(penalty):
    torch.manual_seed(0)
    enc, dec = nn.Sequential(nn.Linear(64, 128), nn.ReLU()), nn.Linear(128, 64)
    both = nn.Sequential(enc, dec)
    train(
        both,
        lambda x, gen: (
            ((x - both(x)) ** 2).sum(1).mean() + penalty * enc(x).abs().sum(1).mean()
        ),
        X_train,
        250,
    )
    z = enc(as_tensor(X_test))
    return dec, z, per_digit(both, X_test)


wide = {penalty: sparse(penalty) for penalty in (0.3, 0.0, 0.03)}
active = {p: (z > 1e-3).float().mean().item() for p, (_, z, _) in wide.items()}
verify_at_most("λ = 0.3: share of active units", active[0.3], 0.25)
verify_at_least("λ = 0: share of active units", active[0.0], 0.3)
errors = [wide[p][2] for p in (0.0, 0.03, 0.3)]
verify_at_least("error per digit rises with λ, smallest step", np.diff(errors), 0.05)
verify_at_most("λ = 0: error per digit, nearly copied", errors[0], 0.35)


# %% tags=["hide-input"]
def silence(penalty):
    dec, z, error = wide[penalty]
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0), width_ratios=[1.6, 1])
    left.fill_between(range(128), z[0], step="mid", color=plot.BLUE)
    left.set(
        xlabel="unit",
        ylabel="activity for one digit",
        ylim=(0, 4),
        title=f"{100 * active[penalty]:.0f} % active on average",
    )
    gallery(right, np.clip(dec(z[:1]).numpy(), 0, 1), 1, f"error per digit {error:.2f}")
    return fig


explore(
    silence,
    alt="Activities of 128 code units for one digit and the digit decoded from them; a larger penalty silences most units",
    penalty=[0.3, 0.03, 0.0],
)

# %% [markdown]
r"""
(contractive-autoencoder)=
Or punish the *slope*. The *contractive* autoencoder {cite:p}`rifai2011` adds $\lambda\|\partial E(x)/\partial x\|_F^2$, so that small changes of the picture barely move the code. For sigmoid units $z_h=\sigma(w_h^\top x+b_h)$ we have $\partial z_h/\partial x=z_h(1-z_h)w_h$, hence

$$
\|\partial E/\partial x\|_F^2=\sum_h\bigl(z_h(1-z_h)\bigr)^2\|w_h\|^2 ,
$$ (eq-gm-contractive)

and for a linear encoder simply $\|C\|_F^2$, the same at every $x$: [weight decay](#weight-decay).
"""


# %%
def slope_penalty(layer, x):
    z = torch.sigmoid(layer(x))
    return ((z * (1 - z)) ** 2 * (layer.weight**2).sum(1)).sum(1)  # (batch,)


def contractive(lam_):
    torch.manual_seed(0)
    layer, dec = nn.Linear(64, 16), nn.Linear(16, 64)
    both = nn.Sequential(layer, nn.Sigmoid(), dec)
    train(
        both,
        lambda x, gen: squared(both)(x, gen) + lam_ * slope_penalty(layer, x).mean(),
        X_train,
        250,
        lr=1e-2,
    )
    jacobian = torch.func.vmap(torch.func.jacrev(lambda x: torch.sigmoid(layer(x))))
    J = jacobian(as_tensor(X_test[:200]))  # (200, 16, 64)
    return layer, (J**2).sum((1, 2)), per_digit(both, X_test)


runs = [contractive(v) for v in (0.0, 0.1, 1.0)]
verify(
    "the closed form is the squared norm of autograd's Jacobian, at 200 digits",
    slope_penalty(runs[1][0], as_tensor(X_test[:200])),
    runs[1][1],
    rtol=1e-4,
)
norms = np.array([r[1].mean().item() for r in runs])
verify_at_least(
    "λ = 0, 0.1, 1: the mean squared slope falls each time by a factor",
    norms[:-1] / norms[1:],
    1.3,
)
verify_at_least("… while the error rises by", np.diff([r[2] for r in runs]), 0.01)

# %%
for point in (X_test[0], X_test[1]):
    J = torch.func.jacrev(C_net)(as_tensor(point))
    verify(
        "linear encoder: squared slope is ‖C‖² at every picture",
        (J**2).sum().item(),
        (C**2).sum(),
        rtol=1e-5,
    )

# %% [markdown]
r"""
(denoising-autoencoder)=
### Repair what was broken

The most fruitful punishment is sabotage. The *denoising* autoencoder {cite:p}`vincent2008` sees a corrupted $x_\eta$ and must return the clean $x$. Copying no longer helps; the missing part has to be inferred from the rest, which takes knowledge of digits. Black out 30 % of the pixels.
"""


# %%
def blackout(x, share, gen):
    return x * (torch.rand(x.shape, generator=gen) >= share)


def autoencoder(share):
    torch.manual_seed(0)
    net = mlp(64, 128, 16, 128, 64, act=nn.SiLU)
    return train(
        net,
        lambda x, gen: ((net(blackout(x, share, gen)) - x) ** 2).sum(1).mean(),
        X_train,
        700,
        lr=1e-2,
    )


naive, denoiser = autoencoder(0.0), autoencoder(0.3)
clean, gen = as_tensor(X_test), torch.Generator().manual_seed(1)
broken = blackout(clean, 0.3, gen)
mse = [
    ((x - clean) ** 2).mean().item() for x in (broken, naive(broken), denoiser(broken))
]
verify(
    "error of the corrupted digits: 30 % of their mean square",
    mse[0],
    0.3 * (X_test**2).mean(),
    rtol=0.03,
)
verify_at_most(
    "error after the denoiser, over corrupted and over plain autoencoder",
    [mse[2] / mse[0], mse[2] / mse[1]],
    0.5,
)


# %% tags=["hide-input"]
def sabotage(share):
    gen = torch.Generator().manual_seed(2)
    broken = blackout(clean[:10], share, gen)
    fig, axes = plt.subplots(2, 1, figsize=(6.8, 2.2))
    gallery(axes[0], broken, 10, f"{100 * share:.0f} % of the pixels blacked out")
    gallery(axes[1], np.clip(denoiser(broken).numpy(), 0, 1), 10, "denoised")
    return fig


explore(
    sabotage,
    alt="Ten digits with a share of their pixels blacked out, and below what the denoising autoencoder makes of them",
    share=[0.3, 0.5, 0.7, 0.9, 0.0, 0.15],
)

# %% [markdown]
r"""
With Gaussian noise, $x_\eta=x+\sigma\epsilon$, one can say exactly what the best denoiser learns. The best answer is [the conditional mean](#conditional-expectation-is-optimal). Let $p_\sigma(y)=\int p(x)\,\mathcal N(y;x,\sigma^2I)\,dx$ be the density of the noisy points. Since $\nabla_y\mathcal N(y;x,\sigma^2I)=\frac{x-y}{\sigma^2}\mathcal N(y;x,\sigma^2I)$,

$$
\nabla p_\sigma(y)=\int p(x)\frac{x-y}{\sigma^2}\mathcal N(y;x,\sigma^2I)\,dx
=\frac{p_\sigma(y)}{\sigma^2}\bigl(\mathbb E[x\mid y]-y\bigr),
$$

and after division by $p_\sigma$

$$
\mathbb E[x\mid y]=y+\sigma^2\nabla\log p_\sigma(y).
$$ (eq-gm-tweedie)

A denoiser knows the *gradient of the log-density*: it pushes uphill, towards the data. Keep this; [diffusion](#diffusion-simple-loss) lives on it. A small net, trained on nothing but noisy points of two bumps, is compared with the formula.
"""

# %% mystnb={"image": {"alt": "Score of a two-bump density: the exact curve and the one read off a trained denoiser lie on each other where there is data."}} tags=["hide-input"]
s, noise_sd = 0.4, 0.5
total = s**2 + noise_sd**2  # bumps at ±1.5, each N(±1.5, s²), after noise
log_p_noisy = lambda y: np.log(
    0.5 * sum(stats.norm(m, np.sqrt(total)).pdf(y) for m in (-1, 1))
)
g = torch.Generator().manual_seed(3)
bumps = (
    s * torch.randn(20_000, 1, generator=g)
    + 2 * (torch.rand(20_000, 1, generator=g) < 0.5)
    - 1
)
torch.manual_seed(0)
cleaner = mlp(1, 32, 32, 1, act=nn.Tanh)
train(
    cleaner,
    lambda x, gen: (
        (cleaner(x + noise_sd * torch.randn(x.shape, generator=gen)) - x) ** 2
    ).mean(),
    bumps,
    600,
    lr=3e-2,
    batch=1000,
)
y = np.linspace(-2, 2, 105)
learned = (cleaner(as_tensor(y[:, None])).numpy()[:, 0] - y) / noise_sd**2
exact = (log_p_noisy(y + 1e-5) - log_p_noisy(y - 1e-5)) / 2e-5
plt.plot(y, exact, color=plot.GREY, lw=4, label="exact, $\\nabla\\log p_\\sigma$")
plt.plot(y, learned, color=plot.RED, label="(denoised − noisy) / σ²")
plt.xlabel("$y$")
plt.legend()
plt.show()

# %%
verify(
    "the denoiser's push is the score of the noisy density", learned, exact, atol=0.12
)
gen = np.random.default_rng(13)
dirty, dirty_test = (x + gen.normal(0, 0.3, x.shape) for x in (X_train, X_test))
ridge = Ridge(1.0).fit(dirty, X_train)
own = mean + (dirty_test - dirty.mean(0)) @ np.linalg.solve(
    X.T @ X / n + 0.09 * np.eye(64), X.T @ X / n
)
verify(
    "digits, σ = 0.3: error of the linear denoiser S(S + σ²I)⁻¹, and of ridge regression",
    [((own - X_test) ** 2).mean(), ((ridge.predict(dirty_test) - X_test) ** 2).mean()],
    np.full(
        2,
        np.trace(
            np.linalg.inv(
                np.linalg.inv(X.T @ X / n + 1e-12 * np.eye(64)) + np.eye(64) / 0.09
            )
        )
        / 64,
    ),
    rtol=0.08,
)

# %% [markdown]
r"""
## Curved spaces

(manifold-hypothesis)=
Slide a disc across a picture of 24×24 pixels. Two numbers say where it is; 576 numbers say how it looks. The pictures form a surface in $\mathbb R^{576}$, and the *manifold hypothesis* says that natural data are like this: few degrees of freedom, a low-dimensional, in general curved set, like text on a crumpled page. Locally it looks flat and two-dimensional. Globally it turns through dozens of dimensions, so averages fall off it.
"""


# %%
def disc(cx, cy, radius=3.0, side=24):
    """Soft-edged disc centred at (cx, cy) pixels."""
    v, u = np.mgrid[:side, :side]
    return (1 / (1 + np.exp(2 * (np.hypot(u - cx, v - cy) - radius)))).ravel()


rng = np.random.default_rng(14)
everywhere = np.array([disc(*c) for c in rng.uniform(5, 18, (800, 2))])
here = np.array([disc(*c) for c in 11.5 + rng.uniform(-0.3, 0.3, (100, 2))])
spectrum = lambda x: np.linalg.svd(x - x.mean(0), compute_uv=False)
local, everything = spectrum(here), spectrum(everywhere)
verify_at_least(
    "nearby discs: second singular value over the first", local[1] / local[0], 0.7
)
verify_at_most("nearby discs: third over the first", local[2] / local[0], 0.2)
verify_at_least(
    "all discs: components that PCA needs for 95 %",
    int(np.argmax(np.cumsum(everything**2) / np.sum(everything**2) >= 0.95)) + 1,
    15,
)

# %% mystnb={"image": {"alt": "Four pictures: a disc at the left, one at the right, their pixel average with two grey discs, and the disc at the mean position."}} tags=["hide-input"]
ends = np.array([[6.0, 12], [17.0, 12]])
average, moved = np.mean([disc(*c) for c in ends], axis=0), disc(*ends.mean(0))
fig, ax = plt.subplots(figsize=(6.8, 1.9))
gallery(
    ax,
    [disc(*ends[0]), disc(*ends[1]), average, moved],
    4,
    "two discs, the average of the pictures, the average of the codes",
)
plt.show()

# %%
centres = np.stack(np.meshgrid(np.arange(5, 18.1, 0.5), np.arange(5, 18.1, 0.5)), -1)
surface = np.array([disc(*c) for c in centres.reshape(-1, 2)])
off = lambda x: np.linalg.norm(surface - x, axis=1).min() / np.linalg.norm(x)
verify_at_least(
    "pixel average: distance to the nearest disc over its norm", off(average), 0.5
)
verify("average of the codes: the same", off(moved), 0.0, atol=1e-12)

# %% [markdown]
r"""
(topological-manifold)=
:::{prf:definition} Manifold
:label: def-gm-manifold
An *$m$-manifold* is a topological space (Hausdorff, second-countable) in which every point has a neighbourhood homeomorphic to an open ball of $\mathbb R^m$.
:::

A sphere is a 2-manifold. Two crossing planes are not: at the crossing no neighbourhood is a disc. A local PCA of forty neighbours sees the difference as a third direction.
"""

# %%
rng = np.random.default_rng(15)
sphere = rng.normal(size=(5000, 3))
sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
planes = rng.uniform(-1, 1, (5000, 3))
planes[::2, 2], planes[1::2, 1] = 0, 0  # z = 0 and y = 0 cross along the x axis


def local_spectrum(points, at):
    near = points[np.argsort(((points - at) ** 2).sum(1))[:40]]
    values = spectrum(near)
    return values / values[0]


verify(
    "40 neighbours on a sphere: directions longer than a tenth of the first",
    int((local_spectrum(sphere, sphere[0]) > 0.1).sum()),
    2,
)
verify(
    "at the crossing of two planes: directions longer than 0.3 of the first",
    int((local_spectrum(planes, np.zeros(3)) > 0.3).sum()),
    3,
)
verify(
    "on one of the planes, away from the crossing",
    int((local_spectrum(planes, np.array([0, 0.6, 0])) > 1e-9).sum()),
    2,
)

# %% [markdown]
r"""
:::{admonition} A manifold may be flat
:class: correction
**The notes say** that a manifold is an underlying non-Euclidean structure.

**Right is:** $\mathbb R^m$ and its flat subspaces are manifolds as well; the point is that a manifold *may* be curved.
:::
"""

# %%
flat = rng.normal(size=(2000, 2)) @ rng.normal(size=(2, 5))
verify(
    "neighbours in a flat 2-manifold of R⁵: directions, locally and globally",
    [
        int((local_spectrum(flat, flat[0]) > 1e-9).sum()),
        int((local_spectrum(flat, flat[0] * 0) > 1e-9).sum()),
    ],
    [2, 2],
)

# %% [markdown]
r"""
(homeomorphism-charts-atlas)=
### Charts

A *homeomorphism* is a continuous bijection with continuous inverse. The local ones, from pieces of the manifold to balls of $\mathbb R^m$, are *charts*; enough of them to cover it form an *atlas*. The sphere needs two. Project it from the north pole onto the plane, $z=(x+iy)/(1-h)$; the pole itself is missing. Project from the south pole, with the orientation kept: $w=(x-iy)/(1+h)$. Where both work, $zw=\frac{x^2+y^2}{1-h^2}=1$, so the *transition map* between the two pages of the atlas is $w=1/z$; without the mirror it is $1/\bar z$.
"""

# %%
x, y, h = sphere.T
north, south = (x + 1j * y) / (1 - h), (x + 1j * y) / (1 + h)
verify(
    "transition from one stereographic chart to the other: 1/z̄",
    south,
    1 / north.conj(),
    rtol=1e-9,
)
verify_at_most(
    "every point lies in the unit disc of one of the two charts",
    np.minimum(abs(north), abs(south)),
    1.0,
)
R, latitude = 6371.0, np.radians(60)
p, q = (
    np.array(
        [np.cos(latitude) * np.cos(a), np.cos(latitude) * np.sin(a), np.sin(latitude)]
    )
    for a in (0, np.pi)
)
verify(
    "60° N, half around the Earth: km along the parallel, and over the pole",
    [R * np.pi * np.cos(latitude), R * np.arccos(p @ q)],
    [10_007.5, 6671.7],
    atol=0.1,
)

# %% [markdown]
r"""
The straight line on the usual map is half as long again as the way over the pole. Distances in a chart may be trusted only locally.

:::{admonition} Continuous, not smooth
:class: correction
**The notes say** that a homeomorphism is a smooth and invertible mapping.

**Right is:** it is a continuous bijection with continuous inverse. One that is smooth in both directions is a *diffeomorphism*.
:::
"""

# %%
bent = lambda v: np.where(v < 0, v, 2 * v)  # a homeomorphism of the line with a corner
line = np.linspace(-1, 1, 2001)
unbent = lambda v: np.where(v < 0, v, v / 2)
verify(
    "a line bent at 0: its inverse, continuous as well, undoes it",
    unbent(bent(line)),
    line,
    atol=1e-15,
)
verify(
    "… but its slopes to the left and right of 0 differ: not smooth",
    np.array([bent(0.0) - bent(-1e-6), bent(1e-6) - bent(0.0)]) / 1e-6,
    [1.0, 2.0],
)

# %% [markdown]
r"""
(chart-regularity-and-no-isometry)=
The other direction is the useful one for us: a *parametrisation* $\varphi:U\to\mathbb R^3$, $U\subset\mathbb R^2$, smooth, injective, with Jacobian $J$ of rank 2 and continuous inverse on its image. The surface has the dimension of $U$: two, not three. Lengths are not kept: a small step $\delta$ becomes one of squared length $\delta^\top J^\top J\,\delta$. For spherical coordinates $J^\top J=\operatorname{diag}(1,\sin^2\vartheta)$, for the cylinder it is the identity: paper rolls, but does not wrap an orange. Circles of equal size on the globe become Tissot's ellipses on the map. Choose the latitude at which the map shall be true.
"""


# %% tags=["hide-input"]
def tissot(true_latitude):
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    t, k0 = np.linspace(0, 2 * np.pi, 60), np.cos(np.radians(true_latitude))
    for north in range(-60, 61, 30):
        for east in range(-150, 151, 60):
            k = np.cos(np.radians(north))
            ax.fill(
                k0 * (east + 9 * np.cos(t) / k),
                north + 9 * np.sin(t),
                alpha=0.7,
                color=plot.BLUE if abs(abs(north) - true_latitude) < 1 else plot.SKY,
            )
    ax.set(
        xlim=(-190, 190),
        ylim=(-80, 80),
        xlabel="map, across",
        ylabel="latitude",
        aspect="equal",
    )
    return fig


explore(
    tissot,
    alt="Ellipses on a flat map that are circles of one size on the globe; they are round only at the latitude for which the map is true",
    true_latitude=[0, 30, 60],
)

# %%
theta, phi = sp.symbols("theta phi", positive=True)
ball = sp.Matrix(
    [sp.sin(theta) * sp.cos(phi), sp.sin(theta) * sp.sin(phi), sp.cos(theta)]
)
tube = sp.Matrix([sp.cos(phi), sp.sin(phi), theta])
metric = lambda f: sp.simplify(f.jacobian([theta, phi]).T * f.jacobian([theta, phi]))
verify(
    "metric of the sphere", str(metric(ball)), "Matrix([[1, 0], [0, sin(theta)**2]])"
)
verify("metric of the cylinder", str(metric(tube)), "Matrix([[1, 0], [0, 1]])")
area = integrate.dblquad(
    lambda a, b: np.sqrt(float(np.sin(a) ** 2)), 0, 2 * np.pi, 0, np.pi
)
verify("area of the sphere, integrating √det JᵀJ", area[0], 4 * np.pi, rtol=1e-8)
rank = [
    sp.lambdify((theta, phi), ball.jacobian([theta, phi]))(a, 0.3) for a in (1.0, 0.0)
]
verify(
    "rank of the Jacobian: in general, at the pole",
    [int(np.linalg.matrix_rank(J, tol=1e-9)) for J in rank],
    [2, 1],
)

# %% [markdown]
r"""
:::{admonition} The inverse must be smooth too
:class: correction
**The notes say** that a differentiable invertible map is a diffeomorphism, and call the map from parameters to the surface a chart.

**Right is:** the inverse must be differentiable as well. $x\mapsto x^3$ is a smooth bijection of $\mathbb R$ and no diffeomorphism: its inverse has infinite slope at 0. And the map from parameters to the surface is a parametrisation, the inverse of a chart.
:::
"""

# %%
step = np.array([1e-3, 1e-6, 1e-9])
verify(
    "x³: slope of the inverse between 0 and h grows like h^(−2/3)",
    np.cbrt(step) / step,
    step ** (-2 / 3),
    rtol=1e-9,
)
verify(
    "x³ is a bijection: the inverse undoes it",
    np.cbrt(np.linspace(-2, 2, 9) ** 3),
    np.linspace(-2, 2, 9),
    atol=1e-12,
)

# %% [markdown]
r"""
(k-manifolds-unknown-dimension)=
### A decoder is a parametrisation

In general $\varphi:\mathbb R^k\supset U\to\mathbb R^d$; a torus in $\mathbb R^3$ has $k=2$. For data nobody tells us $k$. One tries: here are pictures of a square with three freedoms (two positions, one angle), and autoencoders with one to five code numbers. The error should drop until three, then bend.
"""


# %% mystnb={"image": {"alt": "Error of autoencoders against code size: a steep fall from one to three, then nearly flat."}} tags=["hide-input"]
def box_picture(cx, cy, angle, half=2.6, side=12):
    v, u = np.mgrid[:side, :side]
    a, b = u - cx, v - cy
    a, b = np.cos(angle) * a + np.sin(angle) * b, np.cos(angle) * b - np.sin(angle) * a
    return (1 / (1 + np.exp(2.5 * (np.maximum(abs(a), abs(b)) - half)))).ravel()


rng = np.random.default_rng(16)
freedom = np.stack([*rng.uniform(4, 7, (2, 1500)), rng.uniform(0, np.pi / 4, 1500)], 1)
boxes = np.array([box_picture(*f) for f in freedom])  # (1500, 144)


def box_error(k):
    torch.manual_seed(0)
    net = mlp(144, 64, k, 64, 144, act=nn.SiLU)
    train(net, squared(net), boxes[:1200], 250)
    return per_digit(net, boxes[1200:])


by_size = {k: box_error(k) for k in (1, 2, 3, 5)}
plt.plot(by_size.keys(), by_size.values(), "o-", color=plot.BLUE)
plt.xlabel("numbers in the code")
plt.ylabel("squared error per picture")
plt.xticks([1, 2, 3, 4, 5])
plt.ylim(0)
plt.show()

# %%
verify_at_least(
    "one number is too few: error over that with three", by_size[1] / by_size[3], 3
)
verify_at_most(
    "three are nearly enough: error over that with five", by_size[3] / by_size[5], 2
)
torus = lambda s: torch.stack(
    [(2 + s[0].cos()) * s[1].cos(), (2 + s[0].cos()) * s[1].sin(), s[0].sin()]
)
ranks = torch.linalg.matrix_rank(
    torch.func.vmap(torch.func.jacrev(torus))(torch.rand(50, 2) * 6)
)
verify(
    "torus in R³: rank of the parametrisation's Jacobian, everywhere",
    ranks,
    torch.full((50,), 2),
)

# %% [markdown]
r"""
(decoder-as-chart)=
So read the decoder as a parametrisation of the data manifold, and the encoder as its approximate inverse. PCA is the flat case: its decoder's Jacobian is $W$ everywhere. Many code spaces describe the same manifold: recode by any invertible $A$ and undo it in the decoder. But an autoencoder is a *single* chart, and we saw that one may not suffice. Ask for one number per point of a circle: a continuous code must cut the circle somewhere, or fold it.
"""

# %% mystnb={"image": {"alt": "Left, the circle and its reconstruction with a gap. Right, the code against the angle: falling slowly all the way round, then climbing back steeply where the circle is cut."}} tags=["hide-input"]
t = np.linspace(0, 2 * np.pi, 601)[:-1]
circle = np.stack([np.cos(t), np.sin(t)], 1)
torch.manual_seed(5)
E1, D1 = mlp(2, 64, 64, 1, act=nn.Tanh), mlp(1, 64, 64, 2, act=nn.Tanh)
loop = train(
    nn.Sequential(E1, D1), squared(nn.Sequential(E1, D1)), circle, 500, lr=1e-2
)
z, back = E1(as_tensor(circle)).numpy()[:, 0], loop(as_tensor(circle)).numpy()
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
left.plot(*circle.T, color=plot.GREY, lw=4)
left.plot(*back.T, ".", color=plot.RED, ms=3)
left.set(
    aspect="equal", xlabel="$x_1$", ylabel="$x_2$", title="points and reconstructions"
)
right.plot(t, z, ".", color=plot.BLUE, ms=3)
right.set(xlabel="angle", ylabel="code $z$", title="one number for a circle")
plt.show()

# %%
jumps = abs(np.diff(np.r_[z, z[0]]))
verify_at_least(
    "largest step of the code between neighbours on the circle, over the median",
    jumps.max() / np.median(jumps),
    20,
)
A = np.array([[2.0, 1.0], [-1.0, 0.5]])
codes = codes2[:100].astype(float)
recoded = D2(as_tensor((codes @ A.T) @ np.linalg.inv(A).T))
verify(
    "digits: recode by A, undo it in the decoder: the same pictures",
    recoded,
    D2(as_tensor(codes)),
    atol=1e-4,
)
J = torch.func.vmap(
    torch.func.jacrev(lambda z: as_tensor(face_mean) + as_tensor(F) @ z)
)(torch.randn(5, 3))
verify(
    "the PCA decoder's Jacobian is W at every code", J, np.tile(F, (5, 1, 1)), atol=1e-6
)

# %% [markdown]
r"""
:::{admonition} The encoder inverts the decoder only near the data
:class: correction
**The notes say** that the decoder is invertible, with the encoder as inverse, and that the $z$ of PCA are orthogonal vectors.

**Right is:** nothing asks for $E(D(z))=z$ away from the codes of data; $E:\mathbb R^d\to\mathbb R^k$ cannot be injective on all of $\mathbb R^d$; a ReLU decoder need be neither injective nor differentiable everywhere. And in PCA the columns of $W$ are orthonormal; $z$ are coefficients.
:::
"""

# %%
cycle = lambda z: (
    np.linalg.norm(E2(D2(as_tensor(z))).numpy() - z, axis=1) / codes2.std()
)
far_off = codes2.mean(0) + 3 * (codes2 - codes2.mean(0))
verify_at_least(
    "E(D(z)) misses z: codes far from the data over codes of the data",
    np.median(cycle(far_off)) / np.median(cycle(codes2)),
    3,
)
verify("PCA: WᵀW = I", F.T @ F, np.eye(3), atol=1e-12)
verify_at_least(
    "but codes of two faces are not orthogonal: largest |cos| of 50",
    abs(
        spatial.distance.cdist(encode(faces[:1]), encode(faces[1:51]), "cosine") - 1
    ).max(),
    0.5,
)

# %% [markdown]
r"""
(latent-factors-semantics)=
With luck the code numbers *mean* something. An arm with two joints, drawn in 16×16 pixels, has two freedoms; a code of two numbers, found without ever hearing of angles, lets a nearest-neighbour regression read the angles off, up to a reparametrisation.
"""


# %% mystnb={"image": {"alt": "Drawings of a two-joint arm decoded from a grid of codes: the arm swings and bends smoothly across the grid."}} tags=["hide-input"]
def arm(a, b, side=16):
    """Two segments of length 5 from the middle of the bottom edge, at angles a and a + b."""
    v, u = np.mgrid[:side, :side]
    here, dist = np.array([side / 2 - 0.5, side - 2.0]), np.inf
    for angle in (a, a + b):
        step = 5.5 * np.array([np.sin(angle), -np.cos(angle)])
        along = np.clip(
            ((u - here[0]) * step[0] + (v - here[1]) * step[1]) / 5.5**2, 0, 1
        )
        dist = np.minimum(
            dist, np.hypot(u - here[0] - along * step[0], v - here[1] - along * step[1])
        )
        here = here + step
    return np.exp(-((dist / 1.2) ** 2)).ravel()


rng = np.random.default_rng(17)
joints = np.stack([rng.uniform(-0.8, 0.8, 1200), rng.uniform(0, 1.6, 1200)], 1)
arms = np.array([arm(*j) for j in joints])  # (1200, 256)
torch.manual_seed(0)
Ea, Da = mlp(256, 64, 32, 2), mlp(2, 32, 64, 256)
train(nn.Sequential(Ea, Da), squared(nn.Sequential(Ea, Da)), arms[:900], 500)
arm_codes = Ea(as_tensor(arms)).numpy()
low, high = np.quantile(arm_codes, [0.03, 0.97], axis=0)
z1, z2 = np.meshgrid(np.linspace(low[0], high[0], 14), np.linspace(low[1], high[1], 6))
fig, ax = plt.subplots(figsize=(6.8, 3.1))
gallery(
    ax, np.clip(Da(as_tensor(np.stack([z1.ravel(), z2.ravel()], 1))).numpy(), 0, 1), 14
)
plt.show()

# %%
reader = KNeighborsRegressor(5).fit(arm_codes[:900], joints[:900])
verify_at_least(
    "share of the angles' variance read off the code (R²), held out",
    reader.score(arm_codes[900:], joints[900:]),
    0.9,
)
# %% [markdown]
r"""
## Hidden causes

(latent-variable-model)=
Turn the arrow round. Instead of asking how to squeeze $x$ into $z$, ask how $z$ made $x$.

:::{prf:definition} Latent-variable model
:label: def-gm-latent
Choose a *prior* $p(z)$ over codes and a *likelihood* $p(x\mid z)$. What is observed follows the marginal $p(x)=\int p(z)\,p(x\mid z)\,dz$ (a sum for discrete $z$). Sampling is *ancestral*: first $z$, then $x$ given $z$. Given $x$, Bayes' rule $p(z\mid x)=p(x\mid z)p(z)/p(x)$ says which code may have made it.
:::

A discrete and a Gaussian example, sampled through the ancestors and compared with the computed marginals.
"""

# %%
rng = np.random.default_rng(20)
prior, table = np.array([0.2, 0.5, 0.3]), rng.dirichlet(np.ones(4), 3)  # p(x|z), (3, 4)
z = rng.choice(3, 100_000, p=prior)
x = (rng.uniform(size=(100_000, 1)) > np.cumsum(table[z], axis=1)).sum(1)
chi2 = stats.chisquare(np.bincount(x, minlength=4), 100_000 * prior @ table)
verify_at_least(
    "discrete code: samples against Σ p(z)p(x|z), chi-square p-value", chi2.pvalue, 1e-3
)
a, s2 = 1.5, 0.5  # z ~ N(0, 1), x | z ~ N(a z, s²)
x = a * rng.normal(size=100_000) + np.sqrt(s2) * rng.normal(size=100_000)
verify_at_least(
    "Gaussian code: samples against N(0, a² + s²), Kolmogorov-Smirnov p-value",
    stats.kstest(x, stats.norm(0, np.sqrt(a**2 + s2)).cdf).pvalue,
    1e-3,
)
grid = np.linspace(-8, 8, 4001)
bayes = stats.norm(0, 1).pdf(grid) * stats.norm(a * grid, np.sqrt(s2)).pdf(1.2)
bayes /= np.trapezoid(bayes, grid)
exact = stats.norm(1.2 * a / (a**2 + s2), np.sqrt(s2 / (a**2 + s2)))
verify(
    "posterior at x = 1.2: Bayes' rule on a grid against the closed form",
    bayes,
    exact.pdf(grid),
    atol=1e-10,
)

# %% [markdown]
r"""
(mixture-model)=
### A code with few values

The simplest code says which of $K$ sorts a point belongs to: a *mixture* $p(x)=\sum_k\pi_k\,\mathcal N(x;\mu_k,\Sigma_k)$. The posterior of the code is called *responsibility*, $r_k(x)\propto\pi_k\,\mathcal N(x;\mu_k,\Sigma_k)$. If the codes were known, fitting would be counting and averaging. They are not, so alternate: guess the codes (E), then count and average with the guesses as weights (M). This is EM; [below](#elbo) we see why it never goes down. The smiling mixture here will be the target of everything in this chapter that has a density.
"""

# %%
weights = np.array([0.3, 0.4, 0.3])
centres = np.array([[-2.0, 0.6], [0.0, -1.3], [2.0, 0.6]])
shapes = np.array(
    [
        [[0.25, -0.15], [-0.15, 0.35]],
        [[0.5, 0], [0, 0.08]],
        [[0.25, 0.15], [0.15, 0.35]],
    ]
)
log_target = lambda x: special.logsumexp(
    np.stack(
        [
            np.log(w) + stats.multivariate_normal(m, C).logpdf(x)
            for w, m, C in zip(weights, centres, shapes)
        ]
    ),
    axis=0,
)


def draw_target(n, seed):
    rng = np.random.default_rng(seed)
    k = rng.choice(3, n, p=weights)
    return centres[k] + np.einsum(
        "nij,nj->ni", np.linalg.cholesky(shapes)[k], rng.normal(size=(n, 2))
    )


points = draw_target(5000, 21)


def em_mixture(x, pi, mu, Sigma, rounds):
    """Yield log-likelihood and parameters before every round."""
    for _ in range(rounds):
        logs = np.stack(
            [
                np.log(p) + stats.multivariate_normal(m, C).logpdf(x)
                for p, m, C in zip(pi, mu, Sigma)
            ],
            1,
        )
        yield special.logsumexp(logs, axis=1).mean(), pi, mu, Sigma
        r = special.softmax(logs, axis=1)  # responsibilities (n, K)
        count = r.sum(0)
        pi, mu = count / len(x), r.T @ x / count[:, None]
        Sigma = [
            (r[:, k, None] * (x - mu[k])).T @ (x - mu[k]) / count[k] for k in range(3)
        ]


start = np.full(3, 1 / 3), np.array([[-1.0, -1], [0.0, 0], [0.5, 1]]), [np.eye(2)] * 3
history = list(em_mixture(points[:1000], *start, 150))


# %% tags=["hide-input"]
def ellipse(m, C):
    t = np.linspace(0, 2 * np.pi, 100)
    return m + 2 * np.stack([np.cos(t), np.sin(t)], 1) @ np.linalg.cholesky(C).T


def rounds(after):
    value, _, mu, Sigma = history[after]
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    ax.plot(*points[:500].T, ".", color=plot.GREY, ms=3)
    for m, C, colour in zip(mu, Sigma, (plot.BLUE, plot.ORANGE, plot.GREEN)):
        ax.plot(*ellipse(m, C).T, color=colour)
    ax.set(
        xlim=(-4.6, 4.6),
        ylim=(-2.6, 2.8),
        xlabel="$x_1$",
        ylabel="$x_2$",
        title=f"log-likelihood per point {value:.3f}",
    )
    return fig


explore(
    rounds,
    alt="Points in the shape of a smile and three ellipses that EM moves onto the mouth and its corners",
    after=[0, 1, 3, 6, 12, 25, 149],
)

# %%
by_sklearn = GaussianMixture(
    3,
    weights_init=start[0],
    means_init=start[1],
    tol=1e-9,
    precisions_init=start[2],
    max_iter=500,
    reg_covar=0,
)
by_sklearn.fit(points[:1000])
likelihoods = np.array([h[0] for h in history])
verify_at_least(
    "EM for a mixture: smallest step of the log-likelihood",
    np.diff(likelihoods),
    0.0,
    atol=1e-10,
)
verify(
    "its end: log-likelihood per point, against scikit-learn from the same start",
    likelihoods[-1],
    by_sklearn.score(points[:1000]),
    atol=1e-5,
)
verify("… and the centres", history[-1][2], by_sklearn.means_, atol=2e-3)

# %% [markdown]
r"""
(linear-factor-analysis)=
### A code that is Gaussian

Next simplest: $z\sim\mathcal N(0,I_m)$ and a linear decoder with noise,

$$
x=\mu+Wz+\eta,\qquad \eta\sim\mathcal N(0,\Sigma),\quad\Sigma\text{ diagonal, independent of }z .
$$ (eq-gm-fa)

This is *factor analysis*: few factors explain all dependence between many observables, and what is left is noise of each alone.

(factor-analysis-marginal)=
(factor-rotation-invariance)=
:::{prf:theorem} The observed law, and what it hides
:label: thm-gm-fa
$x\sim\mathcal N(\mu,\,WW^\top+\Sigma)$. For orthogonal $Q$ the loadings $WQ$ give the same law: factors are identifiable only up to rotation and reflection.
:::

:::{prf:proof}
The moment generating function of a sum of independent vectors is a product, and that of $\mathcal N(0,C)$ is $e^{t^\top Ct/2}$. So $\mathbb E\,e^{t^\top x}=e^{t^\top\mu}\,e^{t^\top WW^\top t/2}\,e^{t^\top\Sigma t/2}$, which is that of $\mathcal N(\mu,WW^\top+\Sigma)$. And $(WQ)(WQ)^\top=WQQ^\top W^\top=WW^\top$.
:::
"""

# %%
rng = np.random.default_rng(22)
L, Psi = (
    rng.normal(size=(6, 2)),
    np.diag(rng.uniform(0.2, 0.6, 6)),
)  # loadings W, noise Σ
C = L @ L.T + Psi
z = rng.normal(size=(200_000, 2))
x = z @ L.T + rng.normal(size=(200_000, 6)) @ np.sqrt(Psi)
se = np.sqrt((np.outer(np.diag(C), np.diag(C)) + C**2) / len(x))
verify_at_most(
    "factor analysis: |sample covariance − (WWᵀ + Σ)| in standard errors",
    abs(np.cov(x.T) - C) / se,
    5,
)
analysis = FactorAnalysis(2, tol=1e-8, max_iter=5000, svd_method="lapack").fit(
    x[:10_000]
)
L_hat = analysis.components_.T
verify(
    "scikit-learn recovers WWᵀ from samples: relative error",
    np.linalg.norm(L_hat @ L_hat.T - L @ L.T) / np.linalg.norm(L @ L.T),
    0.0,
    atol=0.05,
)

# %%
t = 0.5 * rng.normal(size=(3, 6))
Q = np.linalg.qr(rng.normal(size=(2, 2)))[0]
loglik = lambda L: stats.multivariate_normal(np.zeros(6), L @ L.T + Psi).logpdf(x[:200])
lines = {  # claim: (left side, right side, relative tolerance)
    "MGF of Wz times MGF of η = MGF of N(0, WWᵀ + Σ)": (
        [
            np.exp((L.T @ u) @ (L.T @ u) / 2) * np.exp((np.diag(Psi) * u**2).sum() / 2)
            for u in t
        ],
        [np.exp(u @ C @ u / 2) for u in t],
        1e-12,
    ),
    "average of p(x|z) over a million z = p(x)": (
        [
            np.exp(
                -((p - rng.normal(size=(200_000, 2)) @ L.T) ** 2 / np.diag(Psi)).sum(1)
                / 2
            ).mean()
            / np.sqrt(np.linalg.det(2 * np.pi * Psi))
            for p in 0.5 * x[:2]
        ],
        stats.multivariate_normal(np.zeros(6), C).pdf(0.5 * x[:2]),
        0.04,
    ),
    "rotated factors WQ: the same log-likelihoods": (loglik(L @ Q), loglik(L), 1e-10),
}
for claim, (left_side, right_side, rtol) in lines.items():
    verify(claim, left_side, right_side, rtol=rtol)
sheared = loglik(L @ np.array([[1, 0.5], [0, 1]]))
verify_at_least(
    "sheared factors: the mean log-likelihood falls by",
    loglik(L).mean() - sheared.mean(),
    0.01,
)

# %% [markdown]
r"""
(factor-analysis-posterior)=
Which factors made this $x$? $(z,x)$ is jointly Gaussian with $\operatorname{Cov}(z,x)=W^\top$, and conditioning a Gaussian gives

$$
\mu_{z|x}=W^\top(WW^\top+\Sigma)^{-1}(x-\mu),\qquad
\Sigma_{z|x}=I-W^\top(WW^\top+\Sigma)^{-1}W=(I+W^\top\Sigma^{-1}W)^{-1} .
$$ (eq-gm-fa-posterior)

The last form inverts only $m\times m$. The covariance does not depend on $x$. We check against a simulation that knows only the definition: draw codes from the prior, weigh each by how well it explains $x$.
"""

# %%
B = L.T @ np.linalg.inv(C)  # posterior mean is B x
V = np.linalg.inv(np.eye(2) + L.T @ np.linalg.inv(Psi) @ L)
verify("posterior covariance, both forms", np.eye(2) - B @ L, V, atol=1e-12)
verify("posterior mean, both forms", B, V @ L.T @ np.linalg.inv(Psi), atol=1e-12)
x0 = 0.5 * x[3]
log_w = -((x0 - z @ L.T) ** 2 / np.diag(Psi)).sum(1) / 2
w = special.softmax(log_w)
m_is = w @ z
verify(
    "posterior mean, by weighing 200 000 codes from the prior", m_is, B @ x0, atol=0.03
)
verify(
    "posterior covariance, likewise",
    (w[:, None] * (z - m_is)).T @ (z - m_is),
    V,
    atol=0.01,
)

# %% [markdown]
r"""
(probabilistic-pca-limit)=
With $\Sigma=\sigma^2I$ this is *probabilistic PCA* {cite:p}`tipping1999`. Let the noise go to zero: $W^\top(WW^\top+\sigma^2I)^{-1}=(W^\top W+\sigma^2I)^{-1}W^\top\to W^+$, the [pseudoinverse](#moore-penrose-pseudoinverse), and the posterior narrows to a point. (Only for orthonormal columns is $W^+=W^\top$.) The error should shrink in proportion to $\sigma^2$.
"""

# %%
errors, widths = [], []
for s2 in (1e-2, 1e-4, 1e-6):
    G = L.T @ np.linalg.inv(L @ L.T + s2 * np.eye(6))
    errors.append(abs(G - np.linalg.pinv(L)).max())
    widths.append(np.linalg.norm(np.eye(2) - G @ L))
verify(
    "σ² a hundred times smaller: distance of the encoder to W⁺ shrinks by",
    errors[0] / errors[1],
    100.0,
    rtol=0.02,
)
verify("… and the posterior covariance by", widths[0] / widths[1], 100.0, rtol=0.02)

# %% [markdown]
r"""
(probabilistic-pca-maximum-likelihood)=
### The best loadings, in closed form

With $C=WW^\top+\sigma^2I$ and sample covariance $S$ the log-likelihood per point is

$$
\mathcal L=-\tfrac12\bigl(d\ln2\pi+\ln\det C+\operatorname{tr}C^{-1}S\bigr).
$$ (eq-gm-ppca-loglik)

Its derivative in $C$ is $\frac12C^{-1}(S-C)C^{-1}$, so in $W$ it is $C^{-1}(S-C)C^{-1}W$. At a maximum $SC^{-1}W=W$. Write $W=U\,\mathrm{diag}(\rho)\,Q$ with orthonormal columns in $U$. Then $C^{-1}u_i=u_i/(\rho_i^2+\sigma^2)$, and the condition becomes $Su_i=(\rho_i^2+\sigma^2)u_i$ wherever $\rho_i\ne0$: $u_i$ is an eigenvector of $S$ and $\rho_i^2=\lambda_i-\sigma^2$. Putting this back, $\mathcal L$ is largest for the *leading* eigenvectors, and maximal in $\sigma^2$ where it equals the mean of the discarded eigenvalues:

$$
w_i=\rho_iu_i,\quad\rho_i=\sqrt{\max\{0,\lambda_i-\sigma^2\}},\qquad
\hat\sigma^2=\frac1{d-m}\sum_{i>m}\lambda_i .
$$ (eq-gm-ppca)
"""


# %%
def ppca(S, m):
    lam, U = np.linalg.eigh(S)
    lam, U = lam[::-1], U[:, ::-1]
    s2 = lam[m:].mean()
    return U[:, :m] * np.sqrt(np.maximum(0, lam[:m] - s2)), s2


def gauss_loglik(C, S):
    return -0.5 * (
        len(S) * np.log(2 * np.pi)
        + np.linalg.slogdet(C)[1]
        + np.trace(np.linalg.solve(C, S))
    )


Wp, s2 = ppca(np.cov(X_train.T), 10)
verify(
    "digits, ten factors: WWᵀ + σ²I is scikit-learn's covariance",
    Wp @ Wp.T + s2 * np.eye(64),
    PCA(10).fit(X_train).get_covariance(),
    atol=1e-10,
)
S = np.cov(X_train.T, ddof=0)
Wp, s2 = ppca(S, 10)
Cp = Wp @ Wp.T + s2 * np.eye(64)
verify(
    "log-likelihood formula against scipy's density of the digits",
    gauss_loglik(Cp, S),
    stats.multivariate_normal(mean, Cp).logpdf(X_train).mean(),
    rtol=1e-10,
)

# %%
S_t = torch.tensor(S)
params = torch.tensor(Wp, requires_grad=True), torch.tensor(s2, requires_grad=True)
C_t = params[0] @ params[0].T + params[1] * torch.eye(64, dtype=torch.float64)
value = -0.5 * (torch.logdet(C_t) + torch.trace(torch.linalg.solve(C_t, S_t)))
for name, g in zip(("W", "σ²"), torch.autograd.grad(value, params)):
    verify(
        f"the likelihood's gradient in {name} vanishes at the closed form",
        g,
        torch.zeros_like(g),
        atol=1e-7,
    )
best, rng = gauss_loglik(Cp, S), np.random.default_rng(23)
others = [Wp + 0.02 * rng.normal(size=Wp.shape) for _ in range(20)]
verify_at_most(
    "20 perturbed W: the largest gain in log-likelihood",
    [gauss_loglik(W_ @ W_.T + s2 * np.eye(64), S) - best for W_ in others],
    -1e-3,
)

# %% [markdown]
r"""
:::{admonition} The maximum belongs under the root
:class: correction
**The notes say** that $\rho_i=\max\{0,\sqrt{\lambda_i-\sigma^2}\}$ maximises $\log p(\mu,W\mid S)$, with diagonal noise.

**Right is:** $\rho_i=\sqrt{\max\{0,\lambda_i-\sigma^2\}}$, or a root of a negative number may be taken. Maximised is the likelihood $\log p(S\mid\mu,W)$ of the data. And the formula holds for isotropic noise only; for diagonal noise there is none, and EM must iterate.
:::
"""

# %%
too_noisy = np.linalg.eigvalsh(S)[::-1][3:5].mean()  # a given σ² between λ₄ and λ₅
lam5 = np.linalg.eigvalsh(S)[::-1][:5]
verify("σ² given, above λ₅: is λ₅ − σ² negative?", bool(lam5[4] - too_noisy < 0), True)
rho = np.sqrt(np.maximum(0, lam5 - too_noisy))
U5 = np.linalg.eigh(S)[1][:, ::-1][:, :5]
grow = [
    gauss_loglik((U5 * r) @ (U5 * r).T + too_noisy * np.eye(64), S)
    for r in (rho, rho + [0, 0, 0, 0, 0.1], rho * [1, 1, 1, 0.9, 1])
]
verify_at_least(
    "… then ρ₅ = 0 beats ρ₅ = 0.1, and ρ₄ as given beats less of it, by",
    grow[0] - np.array(grow[1:]),
    1e-5,
)

# %% [markdown]
r"""
EM for both models: the E step is [the posterior](#eq-gm-fa-posterior), averaged over the data, $\mathbb E\,zx^\top=BS$ and $\mathbb E\,zz^\top=V+BSB^\top$; the M step regresses $x$ on $z$ and takes what is left as noise. Isotropic noise must end at the closed form, diagonal noise where scikit-learn's ends.
"""


# %%
def em_factors(S, m, isotropic, rounds=600):
    d, rng = len(S), np.random.default_rng(24)
    W, noise, values = rng.normal(size=(d, m)), np.ones(d), []
    for _ in range(rounds):
        values.append(gauss_loglik(W @ W.T + np.diag(noise), S))
        V = np.linalg.inv(np.eye(m) + W.T @ (W / noise[:, None]))
        B = V @ (W / noise[:, None]).T
        W = S @ B.T @ np.linalg.inv(V + B @ S @ B.T)
        noise = np.diag(S - W @ B @ S)
        noise = np.full(d, noise.mean()) if isotropic else noise
    return W, noise, np.array(values)


S6 = np.cov(x[:10_000].T, ddof=0)
We, noise, values = em_factors(S6, 2, isotropic=True)
Wc, s2 = ppca(S6, 2)
verify(
    "EM, isotropic noise: WWᵀ at the end is the closed form's",
    We @ We.T,
    Wc @ Wc.T,
    atol=1e-6,
)
verify("… and the noise is the mean discarded eigenvalue", noise[0], s2, rtol=1e-6)
We, noise, more = em_factors(S6, 2, isotropic=False)
verify(
    "EM, diagonal noise: log-likelihood against scikit-learn's factor analysis",
    gauss_loglik(We @ We.T + np.diag(noise), S6),
    gauss_loglik(L_hat @ L_hat.T + np.diag(analysis.noise_variance_), S6),
    atol=1e-6,
)
verify(
    "… whose noise variances are the same", noise, analysis.noise_variance_, rtol=1e-2
)
verify_at_least(
    "EM never goes down: smallest step", np.diff([values, more]), 0, atol=1e-9
)

# %% [markdown]
r"""
## When the posterior has no formula

(probabilistic-encoder-posterior)=
Bend the decoder and the closed forms are gone. The *probabilistic encoder* is still Bayes' rule, $p_\theta(z\mid x)=p_\theta(x\mid z)p(z)/p_\theta(x)$: encoding the same $x$ twice gives two different codes, and rightly so, for several codes may have made it. Take $z\sim\mathcal N(0,1)$ and $x\mid z\sim\mathcal N(\sin3z+z,\,0.1)$. In one dimension a grid does it.
"""

# %% mystnb={"image": {"alt": "Posterior of the code at x = 0.6 with two peaks, at 0.15 and 1.25, and two Gaussians: a narrow one on one peak, a wide one over both."}} tags=["hide-input"]
grid = np.linspace(-5, 5, 4001)


def posterior(x, variance):
    joint = stats.norm.pdf(grid) * stats.norm(
        np.sin(3 * grid) + grid, np.sqrt(variance)
    ).pdf(x)
    return joint / np.trapezoid(joint, grid)


def best_gaussian(p):
    """Smallest KL(q‖p) over Gaussians q, from five starts."""

    def kl(v):
        q = stats.norm(v[0], np.exp(v[1])).pdf(grid)
        return np.trapezoid(special.xlogy(q, q) - q * np.log(p + 1e-300), grid)

    runs = [
        optimize.minimize(kl, [m, -1.5], method="Nelder-Mead")
        for m in (-0.5, 0, 0.5, 1, 1.5)
    ]
    best = min(runs, key=lambda run: run.fun).x
    return best[0], np.exp(best[1])


p = posterior(0.6, 0.02)
narrow = best_gaussian(p)
average = np.trapezoid(grid * p, grid)
wide_q = average, np.sqrt(np.trapezoid((grid - average) ** 2 * p, grid))
plt.fill_between(grid, p, color=plot.SKY, alpha=0.5, label="posterior")
for (m, s), colour, name in (
    (narrow, plot.RED, "min KL(q‖p)"),
    (wide_q, plot.BLUE, "min KL(p‖q)"),
):
    plt.plot(grid, stats.norm(m, s).pdf(grid), color=colour, label=name)
plt.xlim(-1, 2)
plt.xlabel("$z$")
plt.legend()
plt.show()

# %%
two = posterior(0.6, 0.1)
peaks = grid[1:-1][(two[1:-1] > two[:-2]) & (two[1:-1] > two[2:]) & (two[1:-1] > 0.1)]
verify("two codes explain x = 0.6", peaks, [0.15, 1.25], atol=0.02)
verify(
    "the evidence p(0.6) from the grid, against adaptive quadrature",
    np.trapezoid(
        stats.norm.pdf(grid)
        * stats.norm(np.sin(3 * grid) + grid, np.sqrt(0.1)).pdf(0.6),
        grid,
    ),
    integrate.quad(
        lambda z: (
            stats.norm.pdf(z) * stats.norm.pdf(0.6, np.sin(3 * z) + z, np.sqrt(0.1))
        ),
        -5,
        5,
    )[0],
    rtol=1e-8,
)

# %% [markdown]
r"""
With $m$ grid points an axis the integral costs $m^k$. And drawing codes from the prior fails, because hardly any explains the given $x$. In a linear-Gaussian model, where $p(x)$ is known, watch the relative error of 2000 prior samples as $k$ grows.

:::{admonition} Integrate over codes
:class: correction
**The notes say** that the evidence is an integral over $\mathbb R^d$.

**Right is:** over the code space $\mathbb R^k$; $d$ is the dimension of the data.
:::
"""

# %%
axis = np.linspace(-6, 6, 241)  # factor analysis: d = 6, k = 2; a grid over R², not R⁶
codes = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
given = stats.norm(codes @ L.T, np.sqrt(np.diag(Psi))).pdf(x0).prod(1)
verify(
    "evidence of a six-dimensional x: the integral over its two code numbers",
    (given * stats.norm.pdf(codes).prod(1)).sum() * (axis[1] - axis[0]) ** 2,
    stats.multivariate_normal(np.zeros(6), C).pdf(x0),
    rtol=1e-8,
)

# %%
rng, relative = np.random.default_rng(25), {}
for k in (1, 8):
    at = np.full(k, 1.0)  # z ~ N(0, I), x | z ~ N(z, 0.05 I): p(x) = N(0, 1.05 I)
    exact = stats.multivariate_normal(np.zeros(k), 1.05 * np.eye(k)).pdf(at)
    z = rng.normal(size=(200, 2000, k))
    estimates = np.exp(-((at - z) ** 2).sum(2) / 0.1).mean(1) / (0.1 * np.pi) ** (k / 2)
    if k == 1:
        verify_within_se(
            "k = 1: mean of prior-sample estimates is p(x)", estimates, exact
        )
    relative[k] = estimates.std() / exact
    if k == 1:  # E p(x|z)² = N(x; 0, (1 + v/2) I) / (4πv)^(k/2) with v = 0.05
        second = stats.norm(0, np.sqrt(1.025)).pdf(1.0) / np.sqrt(0.2 * np.pi)
        verify(
            "k = 1: relative standard error of 2000 draws, against theory",
            relative[1],
            np.sqrt((second / exact**2 - 1) / 2000),
            rtol=0.2,
        )
verify_at_least(
    "relative error of the estimate, k = 8 over k = 1", relative[8] / relative[1], 10
)

# %% [markdown]
r"""
(elbo)=
### A bound that can be computed

We want $\log p_\theta(x)$ but can only compute the joint $p_\theta(x,z)=p_\theta(x\mid z)p(z)$. Take *any* density $q(z)$ over codes. Since $p_\theta(x)=p_\theta(x,z)/p_\theta(z\mid x)$ for every $z$,

$$
\begin{aligned}
\log p_\theta(x)
&=\mathbb E_q\log p_\theta(x)
=\mathbb E_q\log\frac{p_\theta(x,z)}{p_\theta(z\mid x)}
=\mathbb E_q\log\Bigl(\frac{p_\theta(x,z)}{q(z)}\cdot\frac{q(z)}{p_\theta(z\mid x)}\Bigr)\\
&=\underbrace{\mathbb E_q\log\frac{p_\theta(x,z)}{q(z)}}_{\text{ELBO}}
+\underbrace{\mathbb E_q\log\frac{q(z)}{p_\theta(z\mid x)}}_{KL(q\|p_\theta(z\mid x))} .
\end{aligned}
$$ (eq-gm-elbo)

The last term is a Kullback-Leibler divergence. By Jensen, $-KL=\mathbb E_q\log\frac{p}{q}\le\log\mathbb E_q\frac pq=\log1=0$. So:

:::{prf:theorem} Evidence lower bound
:label: thm-gm-elbo
$\text{ELBO}=\mathbb E_q[\log p_\theta(x,z)]+H(q)\le\log p_\theta(x)$, with equality exactly when $q$ is the posterior; the gap is $KL(q\|p_\theta(z\mid x))$.
:::

EM is now one line. E: with $\theta$ fixed choose $q$ the posterior, so that the bound touches. M: with $q$ fixed raise the bound in $\theta$; $\log p_\theta$, above it, rises at least as much.

For $z\sim\mathcal N(0,1)$, $x\mid z\sim\mathcal N(1.5z,0.5)$ and $q=\mathcal N(m,s^2)$ every term has a closed form. Move $q$ until the bound touches.
"""

# %%
a, s2, x_obs = 1.5, 0.5, 1.2
evidence = stats.norm(0, np.sqrt(a**2 + s2)).logpdf(x_obs)
post_m, post_s = a * x_obs / (a**2 + s2), np.sqrt(s2 / (a**2 + s2))


def kl_gauss(m, s, m2, s2):
    """KL(N(m, s²) ‖ N(m2, s2²))."""
    return np.log(s2 / s) + (s**2 + (m - m2) ** 2) / 2 / s2**2 - 0.5


def elbo(m, s):
    joint = (
        -0.5 * np.log(2 * np.pi * s2)
        - ((x_obs - a * m) ** 2 + a**2 * s**2) / 2 / s2
        - 0.5 * np.log(2 * np.pi)
        - (m**2 + s**2) / 2
    )
    return joint + 0.5 * np.log(2 * np.pi * np.e * s**2)


# %% tags=["hide-input"]
def bound(m, s):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1), width_ratios=[1.7, 1])
    t = np.linspace(-2, 3, 300)
    left.fill_between(
        t,
        stats.norm(post_m, post_s).pdf(t),
        color=plot.SKY,
        alpha=0.5,
        label="posterior",
    )
    left.plot(t, stats.norm(m, s).pdf(t), color=plot.RED, label="$q$")
    left.set(xlabel="$z$", ylim=(0, 1.4))
    left.legend(loc="upper left")
    right.bar([0], [elbo(m, s) + 8], bottom=-8, color=plot.BLUE, width=0.5)
    right.bar(
        [0],
        [evidence - elbo(m, s)],
        bottom=elbo(m, s),
        color=plot.RED,
        alpha=0.5,
        width=0.5,
    )
    right.axhline(evidence, color=plot.GREY)
    right.set(
        xticks=[],
        xlim=(-0.6, 0.6),
        ylim=(-8, 0),
        ylabel="nats",
        title=f"gap {evidence - elbo(m, s):.2f}",
    )
    return fig


explore(
    bound,
    alt="Left the posterior and the approximation q, right a bar for the bound and, shaded, its gap to log p(x), which vanishes when q is the posterior",
    m=[0.0, 0.65, 1.3],
    s=[1.0, 0.43],
)

# %%
for m, s in ((0.0, 1.0), (0.5, 0.3), (post_m, post_s)):
    gap = kl_gauss(m, s, post_m, post_s)
    verify(
        f"q = N({m:.2f}, {s:.2f}²): ELBO + KL = log p(x)",
        elbo(m, s) + gap,
        evidence,
        rtol=1e-12,
    )
draws = 0.5 + 0.3 * np.random.default_rng(26).normal(size=20_000)
ratio = (
    stats.norm.logpdf(draws)
    + stats.norm(a * draws, np.sqrt(s2)).logpdf(x_obs)
    - stats.norm(0.5, 0.3).logpdf(draws)
)
verify_within_se(
    "ELBO by Monte Carlo, mean of log p(x,z) − log q(z)", ratio, elbo(0.5, 0.3)
)
verify("at the posterior the bound touches", elbo(post_m, post_s), evidence, rtol=1e-12)

# %% [markdown]
r"""
:::{admonition} Two wrong bounds
:class: correction
**The notes say** that $\log p_\theta(x)\ge\mathbb E_q[\log p_\theta(x,z)]+KL(q\|p_\theta(z))$; and that maximising the ELBO instead of the negative divergence is not equivalent.

**Right is:** $\mathbb E_q[\log p_\theta(x,z)]+H(q)=\mathbb E_q[\log p_\theta(x\mid z)]-KL(q\|p(z))$. The printed expression can exceed $\log p(x)$. And over $q$ the two maximisations are exactly equivalent, for $\log p_\theta(x)$ does not depend on $q$; only in $\theta$ is the ELBO a surrogate.
:::
"""

# %%
p_z, p_x = np.array([0.5, 0.5]), np.array([0.9, 0.2])  # binary code, p(x | z)
log_px, post = np.log(p_z @ p_x), p_z * p_x / (p_z @ p_x)
q = np.array([1.0, 0.0])
printed = q @ np.log(p_z * p_x) + special.rel_entr(q, p_z).sum()
verify(
    "the notes' expression at a binary code, and the log p(x) it should stay below",
    [printed, log_px],
    [np.log(0.9), np.log(0.55)],
)
for q0 in np.random.default_rng(27).uniform(size=5):
    q = np.array([q0, 1 - q0])
    bound_q = q @ np.log(p_z * p_x) + special.entr(q).sum()
    verify(
        f"q = ({q0:.2f}, {1 - q0:.2f}): log p(x) − ELBO = KL to the posterior",
        log_px - bound_q,
        special.rel_entr(q, post).sum(),
        atol=1e-12,
    )

# %% [markdown]
r"""
(variational-inference)=
### Choosing a family

*Variational inference* picks a tractable family $q_\phi$ and maximises the ELBO over $\phi$; that is minimising $KL(q_\phi\|p_\theta(z\mid x))$. The order of the arguments matters. Look back at the picture with two peaks: $KL(q\|p)$ is ruined where $q$ has mass and $p$ none, so it settles on one peak; $KL(p\|q)$ is ruined where $p$ has mass and $q$ none, so it covers both.
"""

# %%
verify_at_most(
    "two-peaked posterior: sd of the best q for KL(q‖p) over that for KL(p‖q)",
    narrow[1] / wide_q[1],
    0.5,
)
one_peak = abs(grid - 0.15) < 0.5 if narrow[0] < 0.7 else abs(grid - 1.25) < 0.5
mass = np.trapezoid(p * one_peak, grid)
inner = np.trapezoid(grid * p * one_peak, grid) / mass
inner_sd = np.sqrt(np.trapezoid((grid - inner) ** 2 * p * one_peak, grid) / mass)
verify(
    "the narrow q has the mean and sd of one peak", narrow, [inner, inner_sd], atol=0.03
)

# %% [markdown]
r"""
Even for a Gaussian posterior a family can be too small. Let $p=\mathcal N(\mu,\Lambda^{-1})$ and let $q$ be a product of independent Gaussians. Then $KL(q\|p)=\frac12\bigl(\sum_i\Lambda_{ii}s_i^2-\sum_i\ln s_i^2+(m-\mu)^\top\Lambda(m-\mu)\bigr)+\text{const}$, minimal at $m=\mu$, $s_i^2=1/\Lambda_{ii}$: the right mean, and variances that are *too small*, for $1/\Lambda_{ii}\le(\Lambda^{-1})_{ii}$.
"""

# %%
Sigma = np.array([[1.0, 0.8], [0.8, 1.5]])
Lambda, mu = np.linalg.inv(Sigma), np.array([0.4, -1.0])


def kl_factorised(v):
    m, D = v[:2], np.diag(np.exp(v[2:]))
    return 0.5 * (
        np.trace(Lambda @ D)
        + (mu - m) @ Lambda @ (mu - m)
        - 2
        + np.linalg.slogdet(Sigma)[1]
        - v[2:].sum()
    )


found = optimize.minimize(kl_factorised, np.zeros(4)).x
verify("factorised q: means", found[:2], mu, atol=1e-4)
verify(
    "factorised q: variances are 1/Λᵢᵢ, not Σᵢᵢ",
    np.exp(found[2:]),
    1 / np.diag(Lambda),
    rtol=1e-4,
)
verify(
    "KL of the factorised q, by hand and by Monte Carlo of two densities",
    kl_factorised(np.r_[mu + 0.3, 0, 0]),
    np.mean(
        np.diff(
            [
                d.logpdf(np.random.default_rng(28).normal(size=(400_000, 2)) + mu + 0.3)
                for d in (
                    stats.multivariate_normal(mu, Sigma),
                    stats.multivariate_normal(mu + 0.3, np.eye(2)),
                )
            ],
            axis=0,
        )
    ),
    atol=0.01,
)

# %% [markdown]
r"""
*Amortised* inference trains one network for all $x$: it reads $x$ and predicts the parameters of $q_\phi(z\mid x)$. For factor analysis a linear encoder $Mx$ suffices. Maximise the bound over $M$ alone, and [the posterior's matrix](#eq-gm-fa-posterior) must come out.
"""

# %%
some_x = x[:300]


def negative_bound(M):
    M = M.reshape(2, 6)
    z = some_x @ M.T  # E_q of the quadratic terms, up to a constant
    return (((some_x - z @ L.T) ** 2 / np.diag(Psi)).sum(1) + (z**2).sum(1)).mean() / 2


amortised = optimize.minimize(negative_bound, np.zeros(12), tol=1e-10).x.reshape(2, 6)
verify(
    "the amortised encoder of factor analysis is Wᵀ(WWᵀ + Σ)⁻¹", amortised, B, atol=1e-3
)
# %% [markdown]
r"""
## Gradients through a throw of dice

(stochastic-backpropagation)=
To maximise the bound in $\phi$ we must differentiate an expectation in the parameters of its law.

:::{prf:theorem} Gaussian gradient identities
:label: thm-gm-stochastic
For $z\sim\mathcal N(\mu,\Sigma)$ and smooth $f$ of moderate growth, $\nabla_\mu\mathbb E f(z)=\mathbb E\,\nabla f(z)$ and $\nabla_\Sigma\mathbb E f(z)=\frac12\mathbb E\,\nabla^2f(z)$.
:::

:::{prf:proof}
The density depends on $z-\mu$ only, so $\nabla_\mu p=-\nabla_zp$, and $\nabla_\mu\int pf=-\int(\nabla_zp)f=\int p\,\nabla f$ by parts, the boundary terms vanishing. For $\Sigma$ write $p=\int e^{i t^\top(z-\mu)-t^\top\Sigma t/2}dt/(2\pi)^d$: $\nabla_\Sigma$ brings down $-\frac12tt^\top$, which is $\frac12\nabla_z^2$ applied to $p$. Twice by parts.
:::
"""

# %%
m_, v_ = sp.Symbol("m", real=True), sp.Symbol("v", positive=True)
expect_cos = sp.exp(-v_ / 2) * sp.cos(m_)  # E cos z for z ~ N(m, v)
verify(
    "E cos z = e^(−v/2) cos m, at m = 0.7, v = 0.3, by quadrature",
    integrate.quad(lambda z: np.cos(z) * stats.norm(0.7, np.sqrt(0.3)).pdf(z), -8, 8)[
        0
    ],
    float(expect_cos.subs({m_: 0.7, v_: 0.3})),
    rtol=1e-8,
)
sides = {
    "∂/∂μ E cos z = E(−sin z)": (
        sp.diff(expect_cos, m_),
        -sp.exp(-v_ / 2) * sp.sin(m_),
    ),
    "∂/∂v E cos z = ½ E(−cos z)": (sp.diff(expect_cos, v_), -expect_cos / 2),
}
for name, (one, other) in sides.items():
    verify(f"{name}: difference", str(sp.simplify(one - other)), "0")

# %%
node, weight = np.polynomial.hermite_e.hermegauss(60)
node = np.stack(np.meshgrid(node, node), -1).reshape(-1, 2)
weight = np.outer(weight, weight).ravel() / 2 / np.pi
mu, Sigma = np.array([0.9, 0.7]), np.array([[0.6, 0.2], [0.2, 0.4]])


def expect(mu, Sigma, f=lambda z: np.sin(z[:, 0] * z[:, 1])):
    return weight @ f(mu + node @ np.linalg.cholesky(Sigma).T)


def difference(shift):
    return (expect(mu, Sigma + shift) - expect(mu, Sigma - shift)) / 2e-4


z = (
    mu
    + np.random.default_rng(30).normal(size=(400_000, 2)) @ np.linalg.cholesky(Sigma).T
)
u, w = z.T
E11, E12 = 1e-4 * np.array([[1, 0], [0, 0]]), 1e-4 * np.array([[0, 1], [1, 0]])
step = np.array([1e-4, 0])
verify_within_se(
    "sin(z₁z₂): mean of ∂f/∂z₁ against the slope of quadrature in μ₁",
    w * np.cos(u * w),
    (expect(mu + step, Sigma) - expect(mu - step, Sigma)) / 2e-4,
)
verify_within_se(
    "mean of ½ ∂²f/∂z₁² against the slope in Σ₁₁",
    -0.5 * w**2 * np.sin(u * w),
    difference(E11),
)
verify_within_se(
    "mean of ∂²f/∂z₁∂z₂ against the slope in Σ₁₂ = Σ₂₁",
    np.cos(u * w) - u * w * np.sin(u * w),
    difference(E12),
)

# %% [markdown]
r"""
(reparameterization-trick)=
### Move the dice outside

The practical form needs no theorem, only a change of view. Write the draw as

$$
z=\mu+L\epsilon,\qquad LL^\top=\Sigma,\quad\epsilon\sim\mathcal N(0,I).
$$ (eq-gm-reparam)

The randomness has become an *input* that depends on no parameter; $z$ is an ordinary differentiable function of $\mu$ and $L$, and $\nabla\,\mathbb E f(z)=\mathbb E\,\nabla f(\mu+L\epsilon)$: backpropagation does the rest. For $f=z^2$ in one dimension, $\mathbb E z^2=\mu^2+\sigma^2$, so the gradients must average to $2\mu$ and $2\sigma$. The alternative that works without differentiating $f$, the *score-function estimator* $f(z)\,\partial_\mu\log p(z)$, is right as well, and far noisier.
"""

# %%
mu0, sigma0 = 1.3, 0.7
eps = torch.randn(
    200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
m_t, s_t = (torch.full_like(eps, v).requires_grad_() for v in (mu0, sigma0))
z = m_t + s_t * eps
by_mu, by_sigma = torch.autograd.grad((z**2).sum(), (m_t, s_t))
verify_within_se("E of the reparameterised gradient in μ is 2μ", by_mu, 2 * mu0)
verify_within_se("E of the reparameterised gradient in σ is 2σ", by_sigma, 2 * sigma0)
score = (z**2 * (z - mu0) / sigma0**2).detach()
verify_within_se("E of the score-function gradient is 2μ too", score, 2 * mu0)
moment = mu0**4 + 18 * mu0**2 * sigma0**2 + 15 * sigma0**4  # E z⁴ε²
verify(
    "its variance over that of the reparameterised one",
    score.var() / by_mu.var(),
    (moment / sigma0**2 - 4 * mu0**2) / (4 * sigma0**2),
    rtol=0.05,
)

# %%
normal = torch.distributions.Normal(torch.tensor(mu0, requires_grad=True), sigma0)
verify(
    "torch: does sample() carry a gradient? does rsample()?",
    (normal.sample().requires_grad, normal.rsample().requires_grad),
    (False, True),
)

# %% [markdown]
r"""
:::{admonition} Times a vector of deviations, or times a matrix
:class: correction
**The notes say** that $z=\mu+\Sigma^{1/2}\odot\epsilon$.

**Right is:** the element-wise product is right only for diagonal $\Sigma$, with the vector of standard deviations. A full $\Sigma$ needs a matrix times a vector, $z=\mu+L\epsilon$.
:::
"""

# %%
eps = np.random.default_rng(31).normal(size=(100_000, 2))
root = np.linalg.cholesky(Sigma)
se = np.sqrt((np.outer(np.diag(Sigma), np.diag(Sigma)) + Sigma**2) / len(eps))
verify_at_most(
    "covariance of μ + Lε against Σ, in standard errors",
    abs(np.cov(((eps @ root.T) + mu).T) - Sigma) / se,
    5,
)
wrong = eps * np.sqrt(np.diag(Sigma))  # element-wise: the correlation is lost
verify(
    "element-wise deviations: covariance of the two coordinates, where Σ has 0.2",
    np.cov(wrong.T)[0, 1],
    0.0,
    atol=0.01,
)

# %% [markdown]
r"""
(generative-model-gradient-estimation)=
The decoder's gradient is easier: $q$ does not depend on $\theta$. Draw $z$ from $q(z\mid x)$, backpropagate $\log p_\theta(x,z)$, step; no Markov chain is needed. If $q$ is the exact posterior, this is an unbiased estimate of $\nabla_\theta\log p_\theta(x)$, for $\mathbb E_{z|x}\nabla\log p(x,z)=\nabla p(x)/p(x)$. In factor analysis both sides are known.
"""

# %%
rng = np.random.default_rng(32)
z = B @ x0 + rng.normal(size=(20_000, 2)) @ np.linalg.cholesky(V).T  # exact posterior
single = np.einsum("ni,nj->nij", (x0 - z @ L.T) / np.diag(Psi), z)  # ∇_W log p(x, z)
Ci = np.linalg.inv(C)
full = Ci @ (np.outer(x0, x0) - C) @ Ci @ L  # ∇_W log p(x)
for i, j in ((0, 0), (3, 1)):
    verify_within_se(
        f"mean of single-sample gradients, entry ({i}, {j}), is the exact one",
        single[:, i, j],
        full[i, j],
    )
sizes = np.array([1, 4, 16, 64])
spread = [single[:12_800].reshape(-1, s, 6, 2).mean(1).var(0).sum() for s in sizes]
verify(
    "log-log slope of the variance against the number of samples",
    np.polyfit(np.log(sizes), np.log(spread), 1)[0],
    -1.0,
    atol=0.1,
)

# %% [markdown]
r"""
(deep-latent-gaussian-model)=
Codes may have codes. In a *deep latent Gaussian model* every layer adds its own noise to what the layer above computes, $h^l=F^l(h^{l+1})+W^lz^l$ with $z^l\sim\mathcal N(0,I)$, so $h^l\mid h^{l+1}\sim\mathcal N(F^l(h^{l+1}),W^lW^{l\top})$ {cite:p}`rezende2014`. With linear $F$ everything stays Gaussian (one layer is factor analysis); with $\tanh$ it does not. A *recognition* network runs the other way, bottom up, to propose the codes.
"""

# %%
rng = np.random.default_rng(33)
W2, W1 = np.array([[1.5, 0.0], [0.5, 1.0]]), np.array([[0.3, 0.0], [0.2, 0.2]])
top = rng.normal(size=(100_000, 2)) @ W2.T
fresh = rng.normal(size=(100_000, 2)) @ W1.T
verify(
    "given the parent, the covariance is WWᵀ",
    np.cov((np.tanh(top[0]) + fresh).T),
    W1 @ W1.T,
    atol=0.002,
)
A = np.array([[1.0, -0.5], [0.3, 0.8]])
verify(
    "linear layers: covariance of the child",
    np.cov((top @ A.T + fresh).T),
    A @ W2 @ W2.T @ A.T + W1 @ W1.T,
    atol=0.04,
)
tails = [stats.kurtosis(h[:, 0]) for h in (top @ A.T + fresh, np.tanh(2 * top) + fresh)]
verify("excess kurtosis with linear F: Gaussian", tails[0], 0.0, atol=0.08)
verify_at_most("excess kurtosis with tanh: not Gaussian", tails[1], -1.0)

# %% [markdown]
r"""
## The variational autoencoder

(elbo-reconstruction-minus-kl)=
Split the joint in [the bound](#eq-gm-elbo) as $p_\theta(x\mid z)p(z)$:

$$
\text{ELBO}=\underbrace{\mathbb E_{q_\phi(z\mid x)}\log p_\theta(x\mid z)}_{\text{reconstruction}}
-\underbrace{KL\bigl(q_\phi(z\mid x)\,\|\,p(z)\bigr)}_{\text{price of the code, in nats}}
$$ (eq-gm-vae)

For a Gaussian decoder $-\log p(x\mid z)=\|x-D(z)\|^2/2s^2+\text{const}$, the autoencoder's loss. What is new, besides the sampling, is the price: each code distribution is pulled to the prior, and saying something about $x$ costs nats.
"""

# %%
rng = np.random.default_rng(34)
p_z, p_x, q = (
    rng.dirichlet(np.ones(20)),
    rng.uniform(size=20),
    rng.dirichlet(np.ones(20)),
)
verify(
    "twenty codes: reconstruction − KL is the ELBO",
    q @ np.log(p_x) - special.rel_entr(q, p_z).sum(),
    q @ np.log(p_z * p_x / q),
    atol=1e-12,
)
x1, x2 = rng.normal(size=(2, 64))
gauss = stats.multivariate_normal(x2, 0.3**2 * np.eye(64))
verify(
    "Gaussian decoder: −log p(x|z) minus the scaled squared error is a constant",
    -gauss.logpdf(x1) - ((x1 - x2) ** 2).sum() / 2 / 0.09,
    32 * np.log(2 * np.pi * 0.09),
    rtol=1e-9,
)

# %% [markdown]
r"""
(variational-autoencoder)=
:::{prf:definition} Variational autoencoder
:label: def-gm-vae
Encoder and decoder are networks. The encoder maps $x$ to the parameters of $q_\phi(z\mid x)$; the prior $p(z)$ is fixed; both are trained together to maximise [the bound](#eq-gm-vae) by [reparameterised](#eq-gm-reparam) samples {cite:p}`kingma2014`.
:::

(vae-gaussian-prior-and-encoder)=
The usual choice is $p(z)=\mathcal N(0,I)$, without parameters, and $q_\phi(z\mid x)=\mathcal N(\mu_\phi(x),\operatorname{diag}\sigma_\phi^2(x))$. The network outputs $\mu$ and $\log\sigma^2$. Per coordinate, $\mathbb E_q\log q=-\frac12(\ln2\pi+\ln\sigma^2+1)$ and $\mathbb E_q\log p=-\frac12(\ln2\pi+\mu^2+\sigma^2)$; the difference is

$$
KL=\tfrac12\sum_j\bigl(\mu_j^2+\sigma_j^2-1-\ln\sigma_j^2\bigr).
$$ (eq-gm-kl)

For digits, with grey values in $[0,1]$, let each pixel be Bernoulli (for grey values, strictly, a score rather than a probability). Here is all of it; $\beta$ weighs the price, `noisy=False` gives a plain autoencoder.
"""


# %%
def kl_to_prior(m, log_v):
    return 0.5 * (m**2 + log_v.exp() - 1 - log_v).sum(-1)


class VAE(nn.Module):
    def __init__(self, k, noisy=True):
        super().__init__()
        torch.manual_seed(0)
        self.enc, self.dec = (
            mlp(64, 128, 2 * k, act=nn.SiLU),
            mlp(k, 128, 64, act=nn.SiLU),
        )
        self.noisy = noisy

    def parts(self, x, gen):
        """Reconstruction log-likelihood and KL of each picture."""
        m, log_v = self.enc(x).chunk(2, dim=1)
        eps = torch.randn(m.shape, generator=gen)
        z = m + torch.exp(log_v / 2) * eps if self.noisy else m
        logits = self.dec(z)
        fit = -nn.functional.binary_cross_entropy_with_logits(
            logits, x, reduction="none"
        )
        return fit.sum(1), kl_to_prior(m, log_v)

    def loss(self, x, gen, beta):
        fit, price = self.parts(x, gen)
        return (beta * price - fit).mean()

    def decode(self, z):
        return torch.sigmoid(self.dec(as_tensor(z))).numpy()


def fit_vae(k, beta, noisy=True, steps=500):
    vae = VAE(k, noisy)
    return train(vae, lambda x, gen: vae.loss(x, gen, beta), X_train, steps, lr=1e-2)


# %%
vaes = {
    beta: fit_vae(2, beta, steps=steps)
    for beta, steps in ((1.0, 800), (0.0, 400), (100.0, 150))
}
plain2, plain16 = (fit_vae(k, 0.0, noisy=False, steps=400) for k in (2, 16))
vae2, vae16 = vaes[1.0], fit_vae(16, 1.0)
gen = torch.Generator().manual_seed(1)
m, log_v = torch.tensor([[0.8, -1.5]]), torch.tensor([[-1.0, 0.6]])
z = m + torch.exp(log_v / 2) * torch.randn(200_000, 2, generator=gen)
q, prior = (
    torch.distributions.Normal(m, torch.exp(log_v / 2)),
    torch.distributions.Normal(0, 1),
)
verify_within_se(
    "closed-form KL against Monte Carlo of log q − log p",
    (q.log_prob(z) - prior.log_prob(z)).sum(1),
    kl_to_prior(m, log_v).item(),
)

# %%
parts = {
    beta: [p.mean().item() for p in v.parts(clean, torch.Generator().manual_seed(2))]
    for beta, v in vaes.items()
}
order = np.array([parts[beta] for beta in (0.0, 1.0, 100.0)])
verify_at_most(
    "β = 0, 1, 100: reconstruction falls, in nats a digit by at least 0.5",
    np.diff(order[:, 0]),
    -0.5,
)
verify("β = 1: nats that two code numbers carry per digit", order[1, 1], 2.1, atol=0.3)
verify_at_least("β = 0 pays no attention to the price: KL in nats", order[0, 1], 10)
verify(
    "β = 100: the code carries nothing (posterior collapse), KL in nats",
    order[2, 1],
    0.0,
    atol=1e-3,
)
blank = stats.bernoulli.entropy(mean).sum()  # the best picture without a code: the mean
verify(
    "… and the reconstruction is that of the mean picture",
    -order[2, 0],
    blank,
    rtol=0.01,
)


# %% tags=["hide-input"]
def encoded(vae):
    m, log_v = vae.enc(clean).chunk(2, dim=1)
    return m.numpy(), torch.exp(log_v / 2).numpy()


def price(beta):
    m, _ = encoded(vaes[beta])
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.3))
    for c in range(10):
        some = y_test == c
        left.scatter(*m[some].T, s=5, color=plt.cm.tab10(c))
    left.set(
        xlabel="$z_1$",
        ylabel="$z_2$",
        xlim=(-7, 7),
        ylim=(-7, 7),
        title=f"KL {parts[beta][1]:.2f} nats",
    )
    codes = np.random.default_rng(35).normal(size=(36, 2))
    gallery(right, vaes[beta].decode(codes), 6, "decoded draws from the prior")
    return fig


explore(
    price,
    alt="Codes of held-out digits in the plane and 36 decoded prior draws for three weights of the KL: spread out, standard normal, and collapsed to a point",
    beta=[1.0, 0.0, 100.0],
)

# %% [markdown]
r"""
Without a price the codes sprawl, and the prior's draws fall into gaps between them. With too high a price everything is mapped to the same $\mathcal N(0,I)$ and the code is empty. At $\beta=1$, the bound's own weight, the cloud of all codes looks like the prior and yet the digits stay apart. A nearest-neighbour vote on the codes measures that.
"""


# %%
def neighbour_accuracy(vae):
    z = vae.enc(as_tensor(X_train)).chunk(2, dim=1)[0].numpy()
    return KNeighborsClassifier(1).fit(z, y_train).score(encoded(vae)[0], y_test)


m, s = encoded(vae2)
verify_at_most("β = 1: mean of the codes, in size", abs(m.mean(0)), 0.2)
verify(
    "β = 1: standard deviation of all codes, of means and of noise together",
    np.sqrt(m.var(0) + (s**2).mean(0)),
    np.ones(2),
    atol=0.15,
)
verify_at_least(
    "a plain autoencoder's codes: standard deviation", encoded(plain2)[0].std(0), 1.5
)
verify_at_least(
    "nearest neighbour on two code numbers, β = 0 and β = 1: accuracy",
    [neighbour_accuracy(vaes[0.0]), neighbour_accuracy(vae2)],
    0.58,
)
verify_at_most("… KL only (β = 100)", neighbour_accuracy(vaes[100.0]), 0.2)

# %% [markdown]
r"""
Now take the plane in hand. Every point of it is a digit, or something between two.
"""

# %% tags=["hide-input"]
z1, z2 = np.meshgrid(np.linspace(-2, 2, 9), np.linspace(2, -2, 9))
sheet = vae2.decode(np.stack([z1.ravel(), z2.ravel()], 1))


def drag(z_1, z_2):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2), width_ratios=[1.4, 1])
    gallery(left, sheet, 9, "the plane of codes")
    left.plot(
        (z_1 + 2) * 18 + 3.5,
        (2 - z_2) * 18 + 3.5,
        "s",
        ms=15,
        mew=2.5,
        mfc="none",
        color=plot.ORANGE,
    )
    gallery(right, vae2.decode([[z_1, z_2]]), 1, "decoded")
    return fig


explore(
    drag,
    alt="Nine by nine decoded digits over the latent plane with a movable frame, and the digit decoded there in large",
    z_1=[-1.5, -0.5, 0.5, 1.5],
    z_2=[1.0, 0.0, -1.0],
)

# %% [markdown]
r"""
How good a density is it? The bound is at most $\log p(x)$. A tighter one averages *inside* the logarithm, $\log\frac1{K}\sum_i\frac{p(x,z_i)}{q(z_i)}$ {cite:p}`burda2016`; with $K=1$ it is the ELBO.
"""


# %%
def weighted_bound(vae, x, K, gen):
    """log of the mean of K importance weights, one value per picture."""
    m, log_v = (t.repeat(K, 1, 1) for t in vae.enc(x).chunk(2, dim=1))
    z = m + torch.exp(log_v / 2) * torch.randn(m.shape, generator=gen)
    logits = vae.dec(z)
    fit = (x * logits - nn.functional.softplus(logits)).sum(2)
    ratio = (
        prior.log_prob(z)
        - torch.distributions.Normal(m, torch.exp(log_v / 2)).log_prob(z)
    ).sum(2)
    return torch.logsumexp(fit + ratio, dim=0) - math.log(K)


gen = torch.Generator().manual_seed(3)
tight, loose = (weighted_bound(vae16, clean, K, gen).mean().item() for K in (50, 1))
fit, cost = vae16.parts(clean, gen)
verify(
    "one weight: the ELBO, in nats a digit", loose, (fit - cost).mean().item(), atol=0.3
)
verify_at_least("fifty weights: the bound rises by, in nats", tight - loose, 0.1)
verify_at_most(
    "held-out bound of the VAE above that of the mean picture, in nats",
    -blank - tight,
    -1.5,
)

# %% [markdown]
r"""
(autoencoder-latent-irregularity)=
### What regularity buys

Nothing tells a plain autoencoder what to do *between* its codes. Draw codes from $\mathcal N(0,I)$, decode, and measure the distance to the nearest training digit. With two code numbers the digits fill the plane anyway; with sixteen, most of the space is empty.
"""


# %%
def lost(vae, k):
    """Mean distance of 1000 decoded prior draws to the nearest digit."""
    codes = np.random.default_rng(36).normal(size=(1000, k))
    return nearest.query(vae.decode(codes))[0].mean()


verify_at_least(
    "sixteen code numbers: decoded draws, plain autoencoder over VAE: distance",
    lost(plain16, 16) / lost(vae16, 16),
    1.3,
)
verify(
    "two code numbers: the same ratio, no difference",
    lost(plain2, 2) / lost(vae2, 2),
    1.0,
    atol=0.25,
)

# %% [markdown]
r"""
(latent-interpolation)=
Likewise on the way. Decode the straight path $(1-t)z_1+tz_2$ between two digits. The pixel average is a double exposure. Look at the middle, $t=0.5$: the autoencoder keeps the ink of both; the VAE passes through pictures that are greyer (its decoder shows a mean over what it does not know) but nearer to digits, as the next cell measures.
"""


# %% tags=["hide-input"]
def code_of(vae, x):
    return vae.enc(as_tensor(x)).chunk(2, dim=1)[0].numpy()


def between(t):
    fig, axes = plt.subplots(3, 1, figsize=(6.8, 3.4))
    first, last = X_test[pairs[:, 2:12]]
    rows = {"average of pixels": (1 - t) * first + t * last}
    for name, v in (("of autoencoder codes", plain16), ("of VAE codes", vae16)):
        rows[name] = v.decode((1 - t) * code_of(v, first) + t * code_of(v, last))
    for ax, (name, images) in zip(axes, rows.items()):
        gallery(ax, images, 10, name)
    return fig


explore(
    between,
    alt="Ten digits turning into ten others: as a cross-fade of pixels, through the codes of an autoencoder, and through the codes of a VAE",
    t=[0.5, 0.0, 0.25, 0.75, 1.0],
)

# %%
middle_of = {
    name: v.decode(np.mean([code_of(v, X_test[p]) for p in pairs], axis=0))
    for name, v in {
        "plain16": plain16,
        "vae16": vae16,
        "plain2": plain2,
        "vae2": vae2,
    }.items()
}
middle_of["pixels"] = X_test[pairs].mean(0)
reach = {name: nearest.query(x)[0].mean() for name, x in middle_of.items()}
verify_at_most(
    "midpoints of sixteen numbers: distance to the nearest digit, VAE − plain",
    reach["vae16"] - reach["plain16"],
    -0.03,
)
verify_at_most(
    "… both below the pixel average by",
    [reach["plain16"] - reach["pixels"], reach["vae16"] - reach["pixels"]],
    -0.03,
)
verify_at_most(
    "two numbers: the order is reversed, plain − VAE",
    reach["plain2"] - reach["vae2"],
    0.0,
)

# %% [markdown]
r"""
So the advantage depends on the size of the code: with two numbers the plain autoencoder, whose decoder is sharper, wins. Nor is the straight path always the right one.

(latent-arithmetic)=
In a vector space one can subtract. Differences of codes act as attributes: $z(A)-z(B)+z(C)$ should carry what distinguishes $A$ from $B$ over to $C$. Discs, with attributes size and place:
"""

# %%
rng = np.random.default_rng(37)
attributes = np.stack(
    [rng.uniform(3, 8, 1500), rng.uniform(5, 6, 1500), rng.uniform(1.3, 3, 1500)], 1
)
discs = np.array([disc(*a, side=12) for a in attributes])
torch.manual_seed(0)
Ed, Dd = mlp(144, 64, 4, act=nn.SiLU), mlp(4, 64, 144, act=nn.SiLU)
train(nn.Sequential(Ed, Dd), squared(nn.Sequential(Ed, Dd)), discs, 400)
four = [
    np.array([disc(x, 5.5, r, side=12) for x in rng.uniform(*where, 200)])
    for where, r in (
        ((3.3, 4.3), 2.8),
        ((3.3, 4.3), 1.5),
        ((6.7, 7.7), 1.5),
        ((6.7, 7.7), 2.8),
    )
]  # large left, small left, small right, target


def lands(a, b, c, enc=lambda x: x, dec=lambda z: z):
    """Share of a − b + c that is nearer to the fourth kind than to its three ingredients."""
    made = dec(enc(a) - enc(b) + enc(c))
    gaps = [((made - other) ** 2).sum(1) for other in (four[3], a, b, c)]
    return np.mean(gaps[0] < np.min(gaps[1:], axis=0))


numbers = lambda net: lambda x: net(as_tensor(x)).numpy()
in_codes = lands(*four[:3], numbers(Ed), numbers(Dd))
verify_at_least(
    "large left − small left + small right, in codes: lands at large right",
    in_codes,
    0.75,
)
verify_at_least(
    "… and in pixels that fails more often: difference of the shares",
    in_codes - lands(*four[:3]),
    0.4,
)
# %% [markdown]
r"""
## Exact likelihood, one way or another

(autoregressive-model)=
### One pixel after the other

Any distribution is a product of conditionals, $p(x_1,\dots,x_T)=\prod_tp(x_t\mid x_{<t})$; this is how [language models](#headline-entropy-rate) work, and it works for pixels. A network for the conditionals gives the exact likelihood in one pass, as long as output $t$ sees only inputs before $t$; sampling takes $T$ passes. The simplest network is one layer with a strictly triangular weight matrix.
"""


# %%
class Autoregressive(nn.Module):
    def __init__(self, T):
        super().__init__()
        self.W, self.b = nn.Parameter(torch.zeros(T, T)), nn.Parameter(torch.zeros(T))

    def logits(self, x):
        return x @ torch.tril(self.W, -1).T + self.b  # pixel t sees x₁ … x₍t−1₎

    def log_prob(self, x):
        z = self.logits(x)
        return (x * z - nn.functional.softplus(z)).sum(1)

    def sample(self, n, gen):
        x = torch.zeros(n, len(self.b))
        for t in range(len(self.b)):
            x[:, t] = torch.rand(n, generator=gen) < torch.sigmoid(self.logits(x)[:, t])
        return x


ink, ink_test = X_train > 0.5, X_test > 0.5
pixels = Autoregressive(64)
train(pixels, lambda x, gen: -pixels.log_prob(x).mean(), ink, 250, lr=0.03)
rate = np.clip(ink.mean(0), 1e-3, 1 - 1e-3)
independent = -(ink_test * np.log(rate) + ~ink_test * np.log(1 - rate)).sum(1).mean()
nll = -pixels.log_prob(as_tensor(ink_test)).mean().item()
verify_at_least(
    "held-out nats per binary digit that knowing the earlier pixels saves",
    independent - nll,
    5,
)

# %%
toy = Autoregressive(9)
with torch.no_grad():
    toy.W.copy_(torch.randn(9, 9, generator=torch.Generator().manual_seed(4)))
    toy.b.copy_(torch.linspace(-1, 1, 9))
toy.requires_grad_(False)
states = as_tensor(np.arange(512)[:, None] >> np.arange(9) & 1)
chance = toy.double().log_prob(states.double()).exp()
verify(
    "nine pixels: the probabilities of all 512 pictures sum to one", chance.sum(), 1.0
)
some = toy.float().sample(20_000, torch.Generator().manual_seed(5))
verify_within_se(
    "nine pixels: how often the last one is on, sampled against the exact sum",
    some[:, 8].double(),
    (chance * states[:, 8]).sum().item(),
)

# %% mystnb={"image": {"alt": "Two rows of twelve binary digits: real ones above, samples drawn pixel by pixel below, ragged but digit-like."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 1, figsize=(6.8, 1.8))
gallery(axes[0], ink_test[:12], 12)
gallery(axes[1], pixels.sample(12, torch.Generator().manual_seed(6)), 12)
plt.show()

# %% [markdown]
r"""
(change-of-variables-density)=
### Stretching space

:::{prf:theorem} Change of variables
:label: thm-gm-change
Let $x=f(z)$ with a smooth bijection $f$ with smooth inverse. Then

$$
p_x(x)=p_z(f^{-1}(x))\,\bigl|\det J_{f^{-1}}(x)\bigr|,\qquad
\ln p_x(x)=\ln p_z(z)-\ln\bigl|\det J_f(z)\bigr| .
$$ (eq-gm-change)
:::

Mass is kept: a small cube around $z$ of volume $\delta$ becomes a slanted box whose [volume](#determinant) is $|\det J_f|\,\delta$, with the same probability in it. Three cases: exponential, linear, and a bent one against the share of a million samples that falls into a small square.
"""

# %%
x = np.linspace(0.1, 5, 50)
verify(
    "exp of a normal: the log-normal density",
    stats.norm.pdf(np.log(x)) / x,
    stats.lognorm(1).pdf(x),
    rtol=1e-12,
)
A, p0 = np.array([[1.0, 0.5], [-0.3, 2.0]]), np.array([[0.3, -1.2]])
verify(
    "linear map of a normal: N(0, AAᵀ)",
    stats.multivariate_normal(np.zeros(2), np.eye(2)).logpdf(np.linalg.solve(A, p0[0]))
    - np.log(abs(np.linalg.det(A))),
    stats.multivariate_normal(np.zeros(2), A @ A.T).logpdf(p0[0]),
    rtol=1e-10,
)
bend = lambda z: torch.stack(
    [torch.exp(0.5 * z[..., 0]), z[..., 1] + z[..., 0] ** 2], -1
)
z0 = torch.tensor([0.4, -0.3], dtype=torch.float64)
J = torch.func.jacrev(bend)(z0)
here = bend(z0)
claimed = (
    np.exp(-(z0**2).sum().item() / 2) / 2 / np.pi / abs(torch.linalg.det(J).item())
)
z = torch.randn(1_000_000, 2, generator=torch.Generator().manual_seed(7))
hit = ((bend(z) - here).abs() < 0.05).all(1).double()
verify_within_se(
    "bent map: density at a point, from the share of a million samples nearby",
    hit / 0.01,
    claimed,
    sigmas=5,
)
back = torch.func.jacrev(
    lambda x: torch.stack([2 * x[0].log(), x[1] - 4 * x[0].log() ** 2])
)
verify(
    "both forms: det of the inverse's Jacobian is 1/det",
    torch.linalg.det(back(here)),
    1 / torch.linalg.det(J),
    rtol=1e-10,
)

# %% [markdown]
r"""
(coupling-layer)=
A network is rarely invertible, and a determinant costs $O(d^3)$. The *affine coupling layer* of RealNVP {cite:p}`dinh2017nvp` avoids both. Split $x$ in halves; keep one, and let it decide how the other is scaled and shifted:

$$
y_1=x_1,\qquad y_2=x_2\odot e^{s(x_1)}+t(x_1).
$$ (eq-gm-coupling)

Whatever networks $s,t$ are, $x_2=(y_2-t(y_1))\odot e^{-s(y_1)}$ undoes it, and the Jacobian is triangular, so $\ln\det J=\sum_js_j(x_1)$. The halves swap from layer to layer.

(normalizing-flow)=
A *normalising flow* is a learned bijection $f$ from a simple law to the data, here a stack of couplings: exact likelihood by [the change of variables](#eq-gm-change), sampling, and inversion. Maximise the likelihood of the 5000 points of the smiling mixture.
"""


# %%
class Coupling(nn.Module):
    def __init__(self, kept, hidden=24):
        super().__init__()
        self.kept, self.net = kept, mlp(1, hidden, hidden, 2, act=nn.Tanh)

    def scale_shift(self, half):
        s, t = self.net(half).chunk(2, dim=1)
        return 2 * torch.tanh(s / 2), t  # |s| < 2 keeps training calm

    def join(self, kept, moved):
        return torch.cat([kept, moved] if self.kept == 0 else [moved, kept], 1)

    def forward(self, x):
        half, other = x[:, [self.kept]], x[:, [1 - self.kept]]
        s, t = self.scale_shift(half)
        return self.join(half, other * torch.exp(s) + t), s[:, 0]

    def inverse(self, y):
        half, other = y[:, [self.kept]], y[:, [1 - self.kept]]
        s, t = self.scale_shift(half)
        return self.join(half, (other - t) * torch.exp(-s)), s[:, 0]


class Flow(nn.Module):
    def __init__(self, layers=6):
        super().__init__()
        self.layers = nn.ModuleList(Coupling(i % 2) for i in range(layers))

    def log_prob(self, x):
        total = 0.0
        for layer in reversed(self.layers):
            x, log_det = layer.inverse(x)
            total = total - log_det
        return total - (x**2).sum(1) / 2 - math.log(2 * math.pi)

    def stages(self, z):
        """The points after 0, 1, … all layers."""
        out = [z]
        for layer in self.layers:
            out.append(layer(out[-1])[0])
        return out


torch.manual_seed(0)
flow = Flow()
train(flow, lambda x, gen: -flow.log_prob(x).mean(), points, 700, lr=1e-2, batch=400)

# %%
for kept in (0, 1):
    torch.manual_seed(kept)
    layer = Coupling(kept).double().requires_grad_(False)
    z = torch.randn(20, 2, dtype=torch.float64)
    y, log_det = layer(z)
    J = torch.func.vmap(torch.func.jacrev(lambda v: layer(v[None])[0][0]))(z)
    verify(
        f"coupling, coordinate {kept + 1} kept: log-determinant against autograd",
        log_det,
        torch.linalg.slogdet(J)[1],
        atol=1e-10,
    )
    verify(
        "… the Jacobian is triangular, with a one for the kept coordinate",
        torch.stack([J[:, kept, 1 - kept], J[:, kept, kept]]),
        torch.stack([torch.zeros(20), torch.ones(20)]),
        atol=1e-12,
    )
    verify("… and the inverse undoes it", layer.inverse(y)[0], z, atol=1e-12)

# %%
axis = [np.linspace(-5, 5, 51), np.linspace(-4.6, 4.6, 47)]
lattice = np.stack(np.meshgrid(*axis), -1).reshape(-1, 2)  # (2397, 2)
cell = 0.2 * 0.2
log_true = log_target(lattice)
log_flow = flow.log_prob(as_tensor(lattice)).double().numpy()
fresh = draw_target(5000, 40)
by_gauss = stats.multivariate_normal(points.mean(0), np.cov(points.T))
verify(
    "the flow's density integrates to one",
    np.exp(log_flow).sum() * cell,
    1.0,
    atol=2e-3,
)
z = torch.randn(500, 2, generator=torch.Generator().manual_seed(8))
there = flow.stages(z)[-1]
back = there
for layer in reversed(flow.layers):
    back = layer.inverse(back)[0]
verify("all layers there and back", back, z, atol=1e-4)
verify_at_least(
    "held-out log-likelihood: flow over a fitted Gaussian, nats per point",
    flow.log_prob(as_tensor(fresh)).mean().item() - by_gauss.logpdf(fresh).mean(),
    0.8,
)

# %%
J = torch.func.vmap(torch.func.jacrev(lambda v: flow.stages(v[None])[-1][0]))(z[:50])
verify(
    "whole flow: log p(x) = log p(z) − log|det J| with autograd's determinant",
    flow.log_prob(there[:50]),
    stats.norm.logpdf(z[:50]).sum(1) - torch.linalg.slogdet(J)[1].numpy(),
    atol=1e-3,
)

# %% [markdown]
r"""
Watch the layers bend a square grid and a cloud of normal points into the smile, one coordinate at a time.
"""

# %% tags=["hide-input"]
lines = np.linspace(-2.4, 2.4, 13)
fine = np.linspace(-2.4, 2.4, 60)
mesh = np.array(
    [[(c, v) for v in fine] for c in lines] + [[(v, c) for v in fine] for c in lines]
)
mesh_stages = [
    s.numpy().reshape(26, 60, 2) for s in flow.stages(as_tensor(mesh.reshape(-1, 2)))
]
cloud_stages = [
    s.numpy()
    for s in flow.stages(
        torch.randn(300, 2, generator=torch.Generator().manual_seed(9))
    )
]


def bending(layers):
    fig, ax = plt.subplots(figsize=(6.8, 3.5))
    broken = np.pad(
        mesh_stages[layers], ((0, 0), (0, 1), (0, 0)), constant_values=np.nan
    )
    ax.plot(*broken.reshape(-1, 2).T, color=plot.GREY, lw=0.6)
    ax.plot(*cloud_stages[layers].T, ".", color=plot.BLUE, ms=3)
    ax.set(xlim=(-5, 5), ylim=(-3.4, 3.4), xlabel="$x_1$", ylabel="$x_2$")
    return fig


explore(
    bending,
    alt="A square grid and normal points that six coupling layers bend into three clusters in the shape of a smile",
    layers=[6, 0, 1, 2, 3, 4, 5],
)

# %% [markdown]
r"""
## Without a normaliser

(unnormalized-model)=
Let a network be the energy: $\bar p_\theta(x)=c_\theta\,p_\theta(x)$ with unknown $c_\theta$. Likelihood is then useless. For $\bar p=e^{c-\theta x^2/2}$ the mean of $\log\bar p$ grows with $c$ for ever, at slope one. Subtracting the logarithm of the integral mends it, where the integral can be had.
"""

# %%
sample = np.random.default_rng(41).normal(size=100_000)
naive_fit = lambda c, theta=1.0: (c - theta * sample**2 / 2).mean()
total = lambda c: integrate.quad(lambda t: np.exp(c - t * t / 2), -12, 12)[0]
verify(
    "slope of the “likelihood” in the constant c", naive_fit(7.0) - naive_fit(6.0), 1.0
)
for c in (0.0, 5.0):
    verify(
        f"c = {c:g}: normalised by quadrature, the mean log-density",
        naive_fit(c) - np.log(total(c)),
        stats.norm.logpdf(sample).mean(),
        rtol=1e-9,
    )

# %% [markdown]
r"""
(noise-contrastive-estimation)=
### Tell data from noise

*Noise-contrastive estimation* {cite:p}`gutmann2010` turns the problem into a classification. Mix data (label 1) with as many points of a known noise density $p_n$ (label 0). The Bayes-optimal probability of label 1 is $p/(p+p_n)$; so model it as

$$
q(1\mid x)=\frac{\alpha\bar p_\theta(x)}{\alpha\bar p_\theta(x)+p_n(x)}=\sigma\bigl(\ln\alpha+\ln\bar p_\theta(x)-\ln p_n(x)\bigr)
$$ (eq-gm-nce)

and minimise the [logistic loss](#binary-cross-entropy-loss) over $\theta$ *and* $\alpha$: the normaliser is just another parameter. For data $\mathcal N(0,1)$, $\bar p_\theta=e^{-\theta x^2/2}$ it must come out as $\theta=1$, $\ln\alpha=-\frac12\ln2\pi=-0.919$.
"""


# %%
def nce(n, seed, rounds=12):
    """(θ, ln α) by Newton's method on the logistic loss; noise is N(0, 4)."""
    rng = np.random.default_rng(seed)
    x = np.r_[rng.normal(size=n), 2 * rng.normal(size=n)]
    label = np.r_[np.ones(n), np.zeros(n)]
    features, log_noise = (
        np.stack([-(x**2) / 2, np.ones(2 * n)], 1),
        stats.norm(0, 2).logpdf(x),
    )
    v = np.array([0.5, -0.5])
    for _ in range(rounds):
        q = special.expit(features @ v - log_noise)
        H = features.T @ (features * (q * (1 - q))[:, None])
        v = v - np.linalg.solve(H, features.T @ (q - label))
    return v


found = np.array([nce(1000, seed) for seed in range(200)])
big = nce(100_000, 999)
verify(
    "θ and ln α from 100 000 points", big, [1.0, -0.5 * np.log(2 * np.pi)], atol=0.02
)
ratio = 1000 * found[:, 0].var() / 2  # maximum likelihood: variance 2/n
verify_at_least("variance of θ over that of maximum likelihood", ratio, 1.3)
smaller = np.array([nce(250, seed)[0] for seed in range(500, 700)])
verify(
    "standard deviation of θ, a quarter of the data over all",
    smaller.std() / found[:, 0].std(),
    2.0,
    rtol=0.15,
)

# %% [markdown]
r"""
Right, but wasteful: it needs more data than maximum likelihood for the same error.

(score-matching)=
### Match the slopes

The *score* $\psi_\theta(x)=\nabla_x\log\bar p_\theta(x)$ does not see the constant at all. So ask that it be close to the data's score $\psi=\nabla\log p$ in mean square. But $\psi$ is unknown! Expand the square; the cross term is

$$
-\mathbb E\,\psi_\theta^\top\psi=-\sum_i\int p\,\psi_{\theta,i}\,\frac{\partial_ip}{p}\,dx
=-\sum_i\int\psi_{\theta,i}\,\partial_ip\,dx=\sum_i\int p\,\partial_i\psi_{\theta,i}\,dx,
$$

by parts, with vanishing boundary terms. Only an expectation over data is left {cite:p}`hyvarinen2005`:

$$
\tfrac12\mathbb E\|\psi_\theta-\psi\|^2=\mathbb E\Bigl[\sum_i\partial_i\psi_{\theta,i}+\tfrac12\psi_{\theta,i}^2\Bigr]+\text{const} .
$$ (eq-gm-score-matching)
"""

# %%
s2 = np.array([0.5, 1.0, 2.0])  # model variance; ψ_θ = −x/s², data N(0, 1), ψ = −x
criterion = np.array([-1 / v + 0.5 * np.mean(sample**2) / v**2 for v in s2])
truth = np.array([0.5 * np.mean((-sample / v + sample) ** 2) for v in s2])
verify("½E‖ψ_θ − ψ‖² at variances ½, 1, 2", truth, [0.5, 0.0, 0.125], atol=0.01)
verify(
    "… equals the criterion plus the constant ½E ψ² = ½",
    criterion + 0.5,
    truth,
    atol=0.02,
)
S3 = np.cov(
    np.random.default_rng(42).normal(size=(500, 3))
    @ np.array([[1, 0.4, 0], [0, 1, -0.5], [0.2, 0, 0.7]]),
    rowvar=False,
)


def gaussian_criterion(v):
    P = np.zeros((3, 3))
    P[np.triu_indices(3)] = v
    P = P + P.T
    return -np.trace(P) + 0.5 * np.trace(P @ S3 @ P)  # ψ = −Px


v = optimize.minimize(gaussian_criterion, np.ones(6), tol=1e-12).x
P = np.zeros((3, 3))
P[np.triu_indices(3)] = v
verify(
    "Gaussian in R³: score matching finds the inverse of the sample covariance",
    P + P.T,
    np.linalg.inv(S3),
    atol=1e-4,
)

# %% [markdown]
r"""
:::{admonition} Plus one half of the square
:class: correction
**The notes say** that $J\doteq\mathbb E[\sum_i\partial_i\psi_{\theta,i}-\frac12\psi_{\theta,i}^2]$.

**Right is:** plus. With the minus the criterion has no minimum; and without the factor $\frac12$ in front of $\mathbb E\|\psi_\theta-\psi\|^2$ the whole expression doubles.
:::
"""

# %%
v = np.array([1e-1, 1e-2, 1e-3])
verify(
    "with the minus sign, as s² → 0: the criterion times s⁴ tends to −½",
    ((-1 / v - 0.5 / v**2) * v**2)[2],
    -0.5,
    atol=2e-3,
)
least = optimize.minimize_scalar(
    lambda u: -1 / u + 0.5 / u**2, bounds=(0.2, 5), method="bounded"
).x
verify(
    "with the plus sign: the best variance for data of variance 1",
    least,
    1.0,
    atol=1e-4,
)

# %% [markdown]
r"""
## Diffusion

(diffusion-forward-process)=
### Into the noise

Destroying is easy. Mix a little noise into the data, again and again:

$$
q(x_t\mid x_{t-1})=\mathcal N\bigl(\sqrt{1-\beta_t}\,x_{t-1},\ \beta_tI\bigr).
$$ (eq-gm-forward)

One need not walk: with $\alpha_t=1-\beta_t$ and $\bar\alpha_t=\prod_{s\le t}\alpha_s$,

$$
x_t=\sqrt{\bar\alpha_t}\,x_0+\sqrt{1-\bar\alpha_t}\,\epsilon,\qquad\epsilon\sim\mathcal N(0,I).
$$ (eq-gm-closed)

By induction: $x_t=\sqrt{\alpha_t}\bigl(\sqrt{\bar\alpha_{t-1}}x_0+\sqrt{1-\bar\alpha_{t-1}}\epsilon'\bigr)+\sqrt{\beta_t}\epsilon''$. The mean is $\sqrt{\bar\alpha_t}x_0$; the variances of the independent noises add up to $\alpha_t(1-\bar\alpha_{t-1})+\beta_t=\alpha_t-\bar\alpha_t+1-\alpha_t=1-\bar\alpha_t$. If the data have unit variance, so has $x_t$, at every $t$; and as $\bar\alpha_t\to0$ everything ends in $\mathcal N(0,I)$.
"""

# %%
T = 200
betas = np.linspace(1e-4, 0.05, T)
alphas = 1 - betas
bar = np.cumprod(alphas)
v, variances = 0.0, []
for t in range(T):
    v = alphas[t] * v + betas[t]
    variances.append(v)
verify(
    "variance of the added noise: the recursion against 1 − ᾱ",
    variances,
    1 - bar,
    atol=1e-12,
)
rng = np.random.default_rng(43)
walk = np.full(20_000, 1.5)
for t in range(T):
    walk = np.sqrt(1 - betas[t]) * walk + np.sqrt(betas[t]) * rng.normal(size=walk.size)
    if t + 1 in (10, 50, 200):
        at = np.sqrt(bar[t]) * 1.5
        verify_within_se(
            f"t = {t + 1}: step by step, E (x_t − √ᾱ x₀)² against 1 − ᾱ",
            (walk - at) ** 2,
            1 - bar[t],
        )
        if t < 199:
            verify_within_se(f"t = {t + 1}: mean against √ᾱ x₀", walk, at)


# %% tags=["hide-input"]
def dissolve(t):
    fig, ax = plt.subplots(figsize=(6.8, 1.6))
    eps = np.random.default_rng(44).normal(size=(8, 64))
    a = bar[t - 1] if t else 1.0
    x = (
        np.sqrt(a) * (2 * X_test[:8] - 1) + np.sqrt(1 - a) * eps
    )  # grey values in [−1, 1]
    gallery(ax, np.clip((x + 1) / 2, 0, 1), 8)
    return fig


explore(
    dissolve,
    alt="Eight digits that dissolve into grey noise as t grows",
    t=[20, 0, 5, 50, 100, 200],
)

# %% [markdown]
r"""
(diffusion-simple-loss)=
### What the noise predictor learns

To go back one must guess the noise. Train a network on

$$
L_{\text{simple}}=\mathbb E_{t,x_0,\epsilon}\bigl\|\epsilon-\epsilon_\theta\bigl(\sqrt{\bar\alpha_t}x_0+\sqrt{1-\bar\alpha_t}\epsilon,\,t\bigr)\bigr\|^2 .
$$ (eq-gm-simple)

The best answer is the conditional mean, and [the denoiser's formula](#eq-gm-tweedie) says what that is. Apply it to $y=x_t$, clean part $\sqrt{\bar\alpha_t}x_0$, noise variance $1-\bar\alpha_t$: $\sqrt{\bar\alpha_t}\,\mathbb E[x_0\mid x_t]=x_t+(1-\bar\alpha_t)\nabla\log q_t(x_t)$. Solve [the closed form](#eq-gm-closed) for $\epsilon$ and take the mean:

$$
\mathbb E[\epsilon\mid x_t]=\frac{x_t-\sqrt{\bar\alpha_t}\,\mathbb E[x_0\mid x_t]}{\sqrt{1-\bar\alpha_t}}=-\sqrt{1-\bar\alpha_t}\;\nabla\log q_t(x_t).
$$ (eq-gm-eps)

Predicting noise *is* estimating the score {cite:p}`song2021`. For Gaussian data of variance $s^2$ both sides are linear: coefficient $\sqrt{1-\bar\alpha_t}/v_t$ with $v_t=\bar\alpha_ts^2+1-\bar\alpha_t$, and least possible loss $\bar\alpha_ts^2/v_t$.
"""

# %%
rng, var0 = np.random.default_rng(45), 0.25
for t in (10, 60, 150):
    eps, x_0 = rng.normal(size=(2, 100_000)) * np.array([[1], [np.sqrt(var0)]])
    x_t = np.sqrt(bar[t]) * x_0 + np.sqrt(1 - bar[t]) * eps
    v_t = bar[t] * var0 + 1 - bar[t]
    slope = (eps @ x_t) / (x_t @ x_t)
    verify(
        f"t = {t + 1}: regression of ε on x_t against √(1−ᾱ)/v_t",
        slope,
        np.sqrt(1 - bar[t]) / v_t,
        rtol=0.02,
    )
    verify_within_se(
        f"t = {t + 1}: least loss against ᾱs²/v_t",
        (eps - np.sqrt(1 - bar[t]) / v_t * x_t) ** 2,
        bar[t] * var0 / v_t,
    )

# %% [markdown]
r"""
Now the smile. For a mixture the noisy density is again a mixture, means shrunk by $\sqrt{\bar\alpha_t}$, covariances $\bar\alpha_tC_k+(1-\bar\alpha_t)I$; so the perfect noise predictor is known in closed form, and the learned one can be held against it at every $t$.
"""


# %%
def perfect_eps(x, a):
    """E[ε | x_t = x] of the smiling mixture at ᾱ = a."""
    logs, pulls = [], []
    for w, m, C in zip(weights, centres, shapes):
        cov = a * C + (1 - a) * np.eye(2)
        pull = np.linalg.solve(cov, (np.sqrt(a) * m - x).T).T
        quadratic = (pull * (np.sqrt(a) * m - x)).sum(1)
        logs.append(np.log(w) - quadratic / 2 - np.linalg.slogdet(cov)[1] / 2)
        pulls.append(pull)
    r = special.softmax(np.stack(logs), axis=0)
    return -np.sqrt(1 - a) * (r[..., None] * np.stack(pulls)).sum(0)


class Noise(nn.Module):
    """Predicts the noise from x_t and ᾱ_t, which is given in three disguises."""

    def __init__(self, hidden=64):
        super().__init__()
        self.net = mlp(5, hidden, hidden, 2, act=nn.SiLU)

    def forward(self, x, a):
        level = torch.cat(
            [torch.log((1 - a) / a) / 4, torch.sqrt(1 - a), torch.sqrt(a)], 1
        )
        return self.net(torch.cat([x, level], 1))


def simple_loss(net):

    def loss(x, gen):
        a = as_tensor(bar)[torch.randint(T, (len(x), 1), generator=gen)]
        eps = torch.randn(x.shape, generator=gen)
        return (
            ((eps - net(torch.sqrt(a) * x + torch.sqrt(1 - a) * eps, a)) ** 2)
            .sum(1)
            .mean()
        )

    return loss


torch.manual_seed(0)
noise_net = Noise()
train(noise_net, simple_loss(noise_net), points, 1300, lr=1e-2, batch=1000)


def learned_eps(x, a):
    x = as_tensor(x)
    return noise_net(x, torch.full((len(x), 1), float(a))).double().numpy()


# %%
rng = np.random.default_rng(46)
for t in (20, 80, 150):
    eps, a = rng.normal(size=(5000, 2)), bar[t]
    x_t = np.sqrt(a) * fresh + np.sqrt(1 - a) * eps
    best = perfect_eps(x_t, a)
    verify_within_se(
        f"t = {t + 1}: ε minus the analytic prediction, times it, is 0 on average",
        ((eps - best) * best).sum(1),
        0.0,
    )
    excess = ((learned_eps(x_t, a) - best) ** 2).sum(1).mean() / (best**2).sum(1).mean()
    verify_at_most(
        f"t = {t + 1}: learned against analytic score, relative squared error",
        excess,
        0.08,
    )
step = 1e-4 * np.eye(2)
slope = [(log_target(fresh[:50] + e) - log_target(fresh[:50] - e)) / 2e-4 for e in step]
verify(
    "as ᾱ → 1 the analytic score is the slope of the mixture's log-density",
    -perfect_eps(fresh[:50], 1 - 1e-9) / np.sqrt(1e-9),
    np.stack(slope, 1),
    atol=1e-4,
)

# %% [markdown]
r"""
(diffusion-reverse-process)=
### And back

If $x_0$ were known, $x_{t-1}$ given $x_t$ would be Gaussian. The product of $q(x_t\mid x_{t-1})$ and $q(x_{t-1}\mid x_0)$, as a function of $x_{t-1}$, has precision $\frac{\alpha_t}{\beta_t}+\frac1{1-\bar\alpha_{t-1}}=\frac{1-\bar\alpha_t}{\beta_t(1-\bar\alpha_{t-1})}$ and mean

$$
\tilde\mu=\frac{\sqrt{\alpha_t}(1-\bar\alpha_{t-1})}{1-\bar\alpha_t}x_t+\frac{\sqrt{\bar\alpha_{t-1}}\,\beta_t}{1-\bar\alpha_t}x_0 .
$$

Put in the guess $x_0=(x_t-\sqrt{1-\bar\alpha_t}\,\epsilon_\theta)/\sqrt{\bar\alpha_t}$ from [the closed form](#eq-gm-closed). The factor of $x_t$ becomes $\frac{\alpha_t(1-\bar\alpha_{t-1})+\beta_t}{\sqrt{\alpha_t}(1-\bar\alpha_t)}=\frac1{\sqrt{\alpha_t}}$, and that of $\epsilon_\theta$ is $-\frac{\beta_t}{\sqrt{\alpha_t}\sqrt{1-\bar\alpha_t}}$:

$$
\mu_\theta(x_t,t)=\frac1{\sqrt{\alpha_t}}\Bigl(x_t-\frac{\beta_t}{\sqrt{1-\bar\alpha_t}}\,\epsilon_\theta(x_t,t)\Bigr),
\qquad x_{t-1}\sim\mathcal N(\mu_\theta,\tilde\beta_tI),\quad\tilde\beta_t=\beta_t\frac{1-\bar\alpha_{t-1}}{1-\bar\alpha_t} .
$$ (eq-gm-reverse)

Start from $x_T\sim\mathcal N(0,I)$ and step down to $x_0$ {cite:p}`ho2020`.
"""


# %%
def reverse_chain(eps_of, x, rng):
    """Yield x_T, …, x_0; eps_of(x, t) predicts the noise at t = 1 … T."""
    yield x
    for t in range(T, 0, -1):
        before = bar[t - 2] if t > 1 else 1.0
        mean_t = (x - betas[t - 1] / np.sqrt(1 - bar[t - 1]) * eps_of(x, t)) / np.sqrt(
            alphas[t - 1]
        )
        width = np.sqrt(betas[t - 1] * (1 - before) / (1 - bar[t - 1]))
        x = mean_t + width * rng.normal(size=x.shape)
        yield x


rng = np.random.default_rng(47)
*_, end = reverse_chain(
    lambda x, t: np.sqrt(1 - bar[t - 1]) * x / (bar[t - 1] * var0 + 1 - bar[t - 1]),
    rng.normal(size=20_000),
    rng,
)
verify(
    "data N(0, ¼), analytic noise predictor: variance at the chain's end",
    end.var(),
    0.25,
    atol=0.012,
)
chain = list(
    reverse_chain(
        lambda x, t: learned_eps(x, bar[t - 1]), rng.normal(size=(1000, 2)), rng
    )
)


# %% tags=["hide-input"]
def backwards(t):
    fig, ax = plt.subplots(figsize=(6.8, 3.4))
    plot.contours(
        ax,
        lambda u, v: np.exp(log_target(np.stack([u, v], -1))),
        (-4.6, 4.6),
        (-3, 3),
        6,
    )
    ax.plot(*chain[T - t][:400].T, ".", color=plot.RED, ms=3)
    ax.set(
        xlabel="$x_1$", ylabel="$x_2$", title=f"$\\bar\\alpha_t$ = {([1, *bar])[t]:.2f}"
    )
    return fig


explore(
    backwards,
    alt="Four hundred points of the reverse chain: a round cloud at t = 200 that gathers into the three parts of the smile at t = 0",
    t=[0, 200, 120, 80, 50, 30, 15, 5],
)

# %%
made, real = chain[-1], draw_target(1000, 48)
both, label = np.r_[made, real], np.repeat([0, 1], 1000)
some = np.random.default_rng(49).permutation(2000)
detective = KNeighborsClassifier(25).fit(both[some[:1000]], label[some[:1000]])
verify_at_most(
    "a classifier that tries to tell made from real points: accuracy",
    detective.score(both[some[1000:]], label[some[1000:]]),
    0.57,
)
verify(
    "covariance of the made points",
    np.cov(made.T),
    sum(w * (C + np.outer(m, m)) for w, m, C in zip(weights, centres, shapes))
    - np.outer(weights @ centres, weights @ centres),
    atol=0.25,
)

# %% [markdown]
r"""
### A density after all

The chain draws samples but gives no density. There is a trick. In continuous time, $s=t/T$ with noise rate $\beta(s)$, the same marginals $q_s$ arise from points that flow *without* noise along

$$
\frac{dx}{ds}=-\tfrac12\beta(s)\bigl(x+\nabla\log q_s(x)\bigr)
=-\tfrac12\beta(s)\Bigl(x-\frac{\epsilon_\theta}{\sqrt{1-\bar\alpha}}\Bigr),
$$ (eq-gm-ode)

for the noise's diffusion, $\frac12\beta\Delta q=\nabla\cdot(\frac12\beta q\nabla\log q)$, is the transport by that velocity. A flow is a change of variables; along it $\ln p$ changes by minus the divergence, so $\ln p(x_0)=\ln\mathcal N(x_1)+\int_0^1\nabla\cdot v\,ds$: the model's *exact* log-density, up to the solver's step. In two dimensions autograd delivers the divergence. First try it with the perfect predictor, whose answer is known.
"""


# %%
def log_alpha_bar(s):
    return -(
        0.02 * s + 4.99 * s**2
    )  # −∫β with β(s) = 0.02 + 9.98 s, as T steps of betas


def velocity(x, s, eps_of):
    """The flow's velocity and its divergence at time s, for x of shape (n, 2)."""
    a = math.exp(log_alpha_bar(s))
    h, rate = 1e-3, -0.5 * (0.02 + 9.98 * s)
    at = lambda y: rate * (y - eps_of(y, a) / math.sqrt(1 - a))
    v = at(x)
    if eps_of is learned_eps:
        x_t = as_tensor(x).requires_grad_(True)
        e = noise_net(x_t, torch.full((len(x), 1), a))
        trace = (
            sum(
                torch.autograd.grad(e[:, i].sum(), x_t, retain_graph=True)[0][:, i]
                for i in (0, 1)
            )
            .double()
            .numpy()
        )
    else:
        trace = (
            sum((eps_of(x + h * e, a) - eps_of(x - h * e, a)) @ e for e in np.eye(2))
            / 2
            / h
        )
    return v, rate * (2 - trace / math.sqrt(1 - a))


def log_density(x, eps_of, steps=28):
    """Heun's method from s ≈ 0 to 1, small steps first."""
    times, total = np.linspace(0.02, 1, steps) ** 2, 0.0
    for s, after in zip(times, times[1:]):
        v1, d1 = velocity(x, s, eps_of)
        v2, d2 = velocity(x + (after - s) * v1, after, eps_of)
        x = x + (after - s) * (v1 + v2) / 2
        total = total + (after - s) * (d1 + d2) / 2
    return total - (x**2).sum(1) / 2 - math.log(2 * math.pi)


verify(
    "ᾱ of the continuous clock against that of the 200 steps, at its half and end",
    np.exp([log_alpha_bar(s) for s in (0.5, 1.0)]),
    bar[[99, 199]],
    rtol=0.15,
)
inner = lattice[::3]
verify_at_most(
    "probability flow with the perfect predictor: largest error of the density",
    np.max(np.abs(np.exp(log_density(inner, perfect_eps)) - np.exp(log_target(inner)))),
    0.01,
)
log_diffusion = log_density(lattice, learned_eps)
verify(
    "the diffusion model's density integrates to one",
    np.exp(log_diffusion).sum() * cell,
    1.0,
    atol=5e-3,
)

# %% [markdown]
r"""
(headline-densities)=
## The headline: how far from the truth?

Two questions that most generative models never have to answer, because no one knows the truth. Here we do.

**Does the bound reach what it bounds?** Data from a linear-Gaussian law in six dimensions with two hidden causes. The best log-likelihood that any such model can have is known in closed form: [probabilistic PCA](#eq-gm-ppca). Train a VAE with linear decoder, linear encoder and noisy reparameterised gradients, which knows nothing of eigenvectors, and compute its bound.
"""

# %%
rng = np.random.default_rng(50)
causes = rng.normal(size=(6, 2))
gauss_data = rng.normal(size=(2000, 2)) @ causes.T + 0.6 * rng.normal(size=(2000, 6))
gauss_data -= gauss_data.mean(0)


class LinearVAE(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.enc, self.dec = nn.Linear(6, 2, bias=False), nn.Linear(2, 6, bias=False)
        self.log_v, self.log_s2 = (
            nn.Parameter(torch.zeros(2)),
            nn.Parameter(torch.zeros(())),
        )

    def bound(self, x, eps):
        m = self.enc(x)
        z = m + torch.exp(self.log_v / 2) * eps
        fit = -0.5 * (
            ((x - self.dec(z)) ** 2).sum(1) * torch.exp(-self.log_s2)
            + 6 * (self.log_s2 + math.log(2 * math.pi))
        )
        return fit - kl_to_prior(m, self.log_v)


lin = LinearVAE()
train(
    lin,
    lambda x, gen: -lin.bound(x, torch.randn(len(x), 2, generator=gen)).mean(),
    gauss_data,
    1200,
    lr=5e-2,
    batch=500,
)
S_g = np.cov(gauss_data.T, ddof=0)
W_v, s2_v = lin.dec.weight.double().numpy(), math.exp(lin.log_s2.item())
M_v, v_v = lin.enc.weight.double().numpy(), lin.log_v.exp().double().numpy()

# %%
R = np.eye(6) - W_v @ M_v  # E over q and data of each term, without sampling
exact_bound = (
    -0.5 * (np.trace(R @ S_g @ R.T) + (W_v**2 * v_v).sum()) / s2_v
    - 3 * np.log(2 * np.pi * s2_v)
    - 0.5 * (np.trace(M_v @ S_g @ M_v.T) + (v_v - 1 - np.log(v_v)).sum())
)
W_p, s2_p = ppca(S_g, 2)
best_possible = gauss_loglik(W_p @ W_p.T + s2_p * np.eye(6), S_g)
own = gauss_loglik(W_v @ W_v.T + s2_v * np.eye(6), S_g)
draws = (
    lin.bound(
        as_tensor(gauss_data).repeat(20, 1),
        torch.randn(40_000, 2, generator=torch.Generator().manual_seed(51)),
    )
    .double()
    .reshape(20, 2000)
)
verify_within_se(
    "linear VAE: the bound by sampling against its closed form",
    draws.mean(1),
    exact_bound,
)
headline(
    "nats per point: a VAE's bound on linear-Gaussian data (negative), against the best exact log-likelihood",
    -exact_bound,
    -best_possible,
    rtol=0.0005,
    unit="nats",
)
verify_at_most(
    "gap between the VAE's bound and log p of probabilistic PCA, in nats",
    best_possible - exact_bound,
    0.01,
)
verify_at_least(
    "bound ≤ own log p ≤ best possible: slack of each, in nats",
    [own - exact_bound, best_possible - own],
    0.0,
    atol=1e-7,
)

# %%
verify(
    "its noise variance against the mean discarded eigenvalue", s2_v, s2_p, rtol=0.02
)
verify(
    "its decoder spans the principal subspace: cosines",
    np.linalg.svd(np.linalg.qr(W_v)[0].T @ np.linalg.qr(W_p)[0])[1],
    np.ones(2),
    atol=1e-3,
)
verify(
    "its encoder is the exact posterior's matrix Wᵀ(WWᵀ + σ²I)⁻¹",
    M_v,
    W_v.T @ np.linalg.inv(W_v @ W_v.T + s2_v * np.eye(6)),
    atol=0.02,
)
off_diagonal = (W_v.T @ W_v)[0, 1] / np.sqrt(np.prod(np.diag(W_v.T @ W_v)))
verify(
    "independent code noise picks the rotation: cosine of the decoder's two columns",
    off_diagonal,
    0.0,
    atol=0.02,
)

# %% [markdown]
r"""
The last line is a gift: [loadings are free up to rotation](#factor-rotation-invariance), but $q$ has independent coordinates, and only orthogonal columns let it be exact.

**Is the density right?** On the smile, everything with a density: $KL(p\|p_\theta)=\int p\,(\ln p-\ln p_\theta)$, summed over a fine grid. All models saw the same 5000 points.
"""

# %%
scott, tuned = stats.gaussian_kde(points.T), stats.gaussian_kde(points.T, 0.1)
densities = {
    "Gaussian": by_gauss.logpdf(lattice),
    "kernels, default width": np.log(scott(lattice.T) + 1e-300),
    "kernels, tuned width": np.log(tuned(lattice.T) + 1e-300),
    "flow": log_flow,
    "diffusion": log_diffusion,
}
p_true = np.exp(log_true)
kl = {name: (p_true * (log_true - q)).sum() * cell for name, q in densities.items()}
verify("the truth on the grid integrates to one", p_true.sum() * cell, 1.0, atol=1e-4)
verify(
    "KL(truth ‖ fitted Gaussian) is its excess over the entropy, on fresh samples",
    kl["Gaussian"],
    np.mean(log_target(fresh) - by_gauss.logpdf(fresh)),
    atol=0.05,
)
verify_at_most("KL(truth ‖ flow), in nats", kl["flow"], 0.08)
verify_at_most("KL(truth ‖ diffusion model), in nats", kl["diffusion"], 0.08)
verify_at_most(
    "KL of flow and diffusion over that of the fitted Gaussian",
    [kl["flow"] / kl["Gaussian"], kl["diffusion"] / kl["Gaussian"]],
    0.09,
)
verify(
    "KL(truth ‖ kernel density estimate): default and tuned width",
    [kl["kernels, default width"], kl["kernels, tuned width"]],
    [0.092, 0.016],
    atol=0.004,
)
verify_at_least("no KL is negative", list(kl.values()), 0.0)

# %%
few = draw_target(400, 52)
for name, q in (
    ("flow", flow.log_prob(as_tensor(few)).double().numpy()),
    ("diffusion", log_density(few, learned_eps)),
    ("kernels", scott.logpdf(few.T)),
):
    key = {"kernels": "kernels, default width"}.get(name, name)
    verify_within_se(
        f"{name}: mean of log p − log q at fresh samples is the grid's KL",
        log_target(few) - q,
        kl[key],
        sigmas=3,
    )

# %% mystnb={"image": {"alt": "Five maps of densities in the plane: the true smile, the fitted Gaussian as one blob, a kernel estimate, the flow and the diffusion model, each with its KL divergence."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 3, figsize=(6.8, 3.9), sharex=True, sharey=True)
shown = {"truth": log_true} | densities
for ax, (name, q) in zip(axes.flat, shown.items()):
    ax.imshow(
        np.exp(q).reshape(47, 51),
        origin="lower",
        extent=(-5.1, 5.1, -4.7, 4.7),
        vmin=0,
        vmax=p_true.max(),
        interpolation="bilinear",
    )
    ax.set(xlim=(-4, 4), ylim=(-3, 2.8))
    ax.set_title(name + (f"\nKL {kl[name]:.3f}" if name in kl else "\n"), fontsize=10)
    ax.grid(False)
plt.show()
print("KL from the truth, in nats: " + ", ".join(f"{k} {v:.2f}" for k, v in kl.items()))

# %% [markdown]
r"""
One Gaussian is a nat off; both networks come within a few hundredths. And so, for two-dimensional data, does the humble kernel estimate; tuned, it wins. Networks earn their keep in 64 dimensions and beyond, where [kernels find no neighbours](#distribution-on-image-space).

## Samples without density

(implicit-model)=
An *implicit* model is only a simulator: draw $z\sim\pi$, return $x=F_\theta(z)$. Sampling is one forward pass; the density, if there is one, is not available. For a bijection [the change of variables](#eq-gm-change) supplies it. If $\dim z<\dim x$ the samples lie on a thin set, and there is no density to be had. (The adversarial networks of the next chapter are trained without one.)
"""

# %%
rng = np.random.default_rng(53)
verify_at_least(
    "F(z) = exp z: samples against the log-normal law, KS p-value",
    stats.kstest(np.exp(rng.normal(size=5000)), stats.lognorm(1).cdf).pvalue,
    1e-3,
)
curve = lambda z: np.stack([np.cos(z), np.sin(2 * z), z**2], -1)
z = rng.normal(size=30)
near = [curve(v + 1e-5 * np.linspace(-1, 1, 7)) for v in z]
verify(
    "one code number, three outputs: rank of local differences, everywhere",
    [int(np.linalg.matrix_rank(c - c.mean(0), tol=1e-7)) for c in near],
    np.ones(30, int),
)

# %% [markdown]
r"""
(evaluating-implicit-models)=
How to judge a sampler that has no likelihood? By quality (does each sample look real?) and by coverage (is everything there?); the two trade off. Two bad samplers for digits: a Gaussian in PCA space, blurry but complete, and one that hands out the same ten training digits for ever. Three judges: the confidence of a classifier; how far the held-out digits are from the nearest sample; and the *Fréchet distance* between Gaussians fitted in a feature space (here 20 principal components), $\|\mu_1-\mu_2\|^2+\operatorname{tr}(C_1+C_2-2(C_1C_2)^{1/2})$.
"""

# %%
blurry = pca20.inverse_transform(models[1].sample(500)[0])
repeated = X_train[np.random.default_rng(54).choice(10, 500)]


def frechet(a, b):
    a, b = pca20.transform(a), pca20.transform(b)
    A, B = np.cov(a.T), np.cov(b.T)
    roots = np.linalg.eigvals(A @ B).real.clip(0)  # tr (AB)^½ = Σ √eigenvalues
    return (
        ((a.mean(0) - b.mean(0)) ** 2).sum()
        + np.trace(A + B)
        - 2 * np.sqrt(roots).sum()
    )


judges = {}
for name, x in (("blurry", blurry), ("repeated", repeated)):
    coverage = spatial.KDTree(x).query(X_test)[0].mean()
    judges[name] = sure(x), coverage, frechet(x, X_test)
quality, coverage, distance = np.array(judges["blurry"]) - np.array(judges["repeated"])
verify_at_least(
    "classifier confidence prefers ten real digits to blurry ones, by", -quality, 0.1
)
verify_at_least(
    "coverage prefers the blurry ones: nearest sample closer by", -coverage, 0.3
)
verify_at_least("and so does the Fréchet distance, by", -distance, 1.0)
shift = 0.3 * pca20.components_[0]
verify(
    "Fréchet distance of a set to itself, shifted by 0.3",
    frechet(X_test, X_test + shift),
    0.09,
    atol=1e-6,
)

# %% [markdown]
r"""
The judges disagree, in opposite orders. State which one you used.

(gm-practice)=
## In practice

At work the pieces are one line each, and they are the ones above.
"""

# %%
D = torch.distributions
verify(
    "sklearn's KernelDensity is our kernel estimate",
    KernelDensity(bandwidth=0.3).fit(X_train).score_samples(X_test[:50]),
    log_kde(X_test[:50], X_train, 0.3),
    rtol=1e-6,
)
m, s = torch.tensor([0.4, -2.0]), torch.tensor([0.5, 1.7])
verify(
    "torch's kl_divergence is our KL to the prior",
    D.kl_divergence(D.Normal(m, s), D.Normal(0, 1)).sum(),
    kl_to_prior(m, 2 * s.log()),
    rtol=1e-5,
)
low_rank = D.LowRankMultivariateNormal(
    torch.zeros(6), as_tensor(L), as_tensor(np.diag(Psi))
)
verify(
    "torch's low-rank normal is factor analysis",
    low_rank.log_prob(as_tensor(some_x)),
    stats.multivariate_normal(np.zeros(6), L @ L.T + Psi).logpdf(some_x),
    rtol=1e-4,
)
lognormal = D.TransformedDistribution(D.Normal(0.0, 1.0), [D.ExpTransform()])
verify(
    "torch's transformed distribution is the change of variables",
    lognormal.log_prob(torch.tensor(2.5)),
    stats.lognorm(1).logpdf(2.5),
    rtol=1e-5,
)

# %% [markdown]
r"""
Which one to take? If you need a **density**: kernels in two or three dimensions, a flow or an autoregressive net beyond. **Codes**: PCA first, then a VAE. **Pictures**: diffusion. **Missing parts**: a denoiser. Always fit the Gaussian too, and say by how many nats you beat it.
"""

# %% [markdown]
r"""
## Beware

**A good likelihood does not make good samples.** Let a sampler return noise 99 times in a hundred and a perfect sample once. In 64 dimensions the log-likelihood hardly notices {cite:p}`theis2016`: it falls by at most $\ln100$.
"""

# %%
good = models[10].score_samples(Z_test)
noise_law = stats.multivariate_normal(np.zeros(20), 25 * np.eye(20)).logpdf(Z_test)
spoiled = np.logaddexp(np.log(0.01) + good, np.log(0.99) + noise_law)
verify(
    "99 % noise: nats lost per digit", (good - spoiled).mean(), np.log(100), atol=0.05
)

# %% [markdown]
r"""
**Sum or mean?** With the mean over pixels as reconstruction and the sum over codes as KL, the price is secretly multiplied by the number of pixels: for 64 pixels that is $\beta=64$, and [the code collapses](#elbo-reconstruction-minus-kl).
"""

# %%
x_, logits = clean[:5], vae2.dec(torch.zeros(5, 2))
by_sum, by_mean = (
    nn.functional.binary_cross_entropy_with_logits(logits, x_, reduction=r).item()
    / (5 if r == "sum" else 1)
    for r in ("sum", "mean")
)
verify(
    "reconstruction summed over pixels over the mean", by_sum / by_mean, 64.0, rtol=1e-4
)

# %% [markdown]
r"""
**Few samples flatter a bound.** The importance-weighted bound rises with $K$ but stays a bound *on average* only; a single estimate may lie above $\log p(x)$. In the linear model of [the evidence](#elbo), how often?
"""

# %%
rng = np.random.default_rng(55)
z = 0.5 + 0.6 * rng.normal(size=(20_000, 5))
log_w = (
    stats.norm.logpdf(z)
    + stats.norm(1.5 * z, np.sqrt(0.5)).logpdf(x_obs)
    - stats.norm(0.5, 0.6).logpdf(z)
)
estimates = special.logsumexp(log_w, axis=1) - np.log(5)
verify_at_least(
    "share of single five-sample estimates above log p(x)",
    (estimates > evidence).mean(),
    0.3,
)
verify_within_se(
    "… though their exponentials average to p(x)", np.exp(estimates), np.exp(evidence)
)
verify_at_least(
    "… and their mean is below log p(x), by", evidence - estimates.mean(), 0.005
)
# %% [markdown]
"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""


# %% tags=["remove-cell"] jupyter={"source_hidden": true}
@exercise.define("gm-components")
def _(answer):
    loss = [
        1 - PCA(k).fit(X_train).explained_variance_ratio_.sum()
        for k in (answer - 1, answer)
    ]
    assert loss[1] <= 0.1, f"{answer} components still lose {100 * loss[1]:.1f} %"
    assert loss[0] > 0.1, "one component fewer would do too"


@exercise.define("gm-posterior")
def _(answer):
    rng = np.random.default_rng(0)
    W, noise, x = (
        rng.normal(size=(4, 2)),
        np.array([0.5, 1.0, 2.0, 0.8]),
        rng.normal(size=4),
    )
    z = rng.normal(size=(400_000, 2))
    w = special.softmax(-((x - z @ W.T) ** 2 / noise).sum(1) / 2)
    assert np.shape(answer(W, noise, x)) == (2,), "one number per factor"
    assert np.allclose(answer(W, noise, x), w @ z, atol=0.02), (
        "weighing 400 000 codes by their likelihood gives another mean"
    )


@exercise.define("gm-kl")
def _(answer):
    for a, b in (((0.3, 0.5), (-1.0, 2.0)), ((1.0, 2.0), (0.0, 0.7))):
        p, q = stats.norm(*a), stats.norm(*b)
        exact = integrate.quad(
            lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -20, 20
        )[0]
        assert abs(answer(*a, *b) - exact) < 1e-6, (
            f"for N{a} and N{b} the integral is {exact:.4f}"
        )


@exercise.define("gm-sinh")
def _(answer):
    x = np.linspace(-60, 60, 200_001)
    p = answer(x)
    assert abs(np.trapezoid(p, x) - 1) < 1e-3, (
        f"your density integrates to {np.trapezoid(p, x):.3f}"
    )
    share = np.mean(abs(np.sinh(np.random.default_rng(0).normal(size=400_000))) < 0.5)
    assert abs(np.trapezoid(np.where(abs(x) < 0.5, p, 0), x) - share) < 0.005, (
        "simulated, more or fewer points fall into (−½, ½)"
    )


@exercise.define("gm-uncouple")
def _(answer):
    x = np.random.default_rng(0).normal(size=(5, 2))
    s, t = lambda u: np.sin(3 * u), lambda u: u**2
    y = np.stack([x[:, 0], x[:, 1] * np.exp(s(x[:, 0])) + t(x[:, 0])], 1)
    got, log_det = answer(y, s, t)
    assert np.allclose(got, x), "that is not the x that went in"
    assert np.allclose(log_det, -s(x[:, 0])), (
        "the log-determinant of the inverse has the other sign of …?"
    )


@exercise.define("gm-half-noise")
def _(answer):
    keep = 1.0
    for t in range(1, T + 1):
        keep *= 1 - betas[t - 1]
        if keep < 0.5:
            break
    assert answer == t, f"not {answer}: walk through the product of the 1 − β"


@exercise.define("gm-score-fit")
def _(answer):
    x = np.random.default_rng(0).laplace(size=5000)
    trial = np.linspace(0.5, 5, 9001)
    J = -2 / trial + 2 * np.mean(x**2) / trial**2
    assert abs(answer(x) - trial[J.argmin()]) < 1e-3, (
        f"the criterion is smallest at {trial[J.argmin()]:.3f}"
    )


@exercise.define("gm-denoise")
def _(answer):
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 1.0], 400_000)
    y = x + 0.8 * rng.normal(size=x.size)
    for at in (-0.9, 0.0, 0.4, 1.5):
        near = abs(y - at) < 0.05
        assert abs(answer(at, 0.8) - x[near].mean()) < 0.03, (
            f"near y = {at} the clean values average {x[near].mean():.2f}"
        )


@exercise.define("gm-langevin")
def _(answer):
    score = lambda x: -perfect_eps(x, 1 - 1e-6) / 1e-3
    x = answer(score, np.random.default_rng(0))
    assert np.shape(x) == (1000, 2), "1000 points in the plane"
    nearest_part = ((x[:, None] - centres) ** 2).sum(2).argmin(1)
    shares = np.bincount(nearest_part, minlength=3) / 1000
    assert abs(shares - weights).max() < 0.12, (
        f"shares of the three parts: {shares.round(2)}"
    )
    gain = log_target(x).mean() - log_target(fresh).mean()
    assert abs(gain) < 0.15, f"mean log-density is off by {gain:+.2f} nats"


# %% [markdown]
r"""
:::{exercise} How many components?
:label: ex-gm-components
What is the smallest number of principal components that lose at most 10 % of the variance of `X_train`?
:::
"""

# %%
components = ...  # an integer

exercise("gm-components").check(components)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The cumulative share is already there.

```python
components = int(np.argmax(share >= 0.9)) + 1
```

</details>

:::{exercise} Which factors made it?
:label: ex-gm-posterior
Write the posterior mean of the factors of factor analysis with mean 0 and noise variances `noise` (a vector), inverting only an $m\times m$ matrix.
:::
"""

# %%
factors = ...  # a function of (W, noise, x)

exercise("gm-posterior").check(factors)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$(I+W^\top\Sigma^{-1}W)^{-1}W^\top\Sigma^{-1}x$.

```python
def factors(W, noise, x):
    scaled = W.T / noise
    return np.linalg.solve(np.eye(W.shape[1]) + scaled @ W, scaled @ x)
```

</details>

:::{exercise} Two Gaussians
:label: ex-gm-kl
Derive $KL(\mathcal N(m_1,s_1^2)\|\mathcal N(m_2,s_2^2))$ and write it down.
:::
"""

# %%
divergence = ...  # a function of (m1, s1, m2, s2)

exercise("gm-kl").check(divergence)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\mathbb E_1\bigl[\ln\frac{s_2}{s_1}-\frac{(x-m_1)^2}{2s_1^2}+\frac{(x-m_2)^2}{2s_2^2}\bigr]$, with $\mathbb E_1(x-m_2)^2=s_1^2+(m_1-m_2)^2$.

```python
def divergence(m1, s1, m2, s2):
    return np.log(s2 / s1) - 0.5 + (s1**2 + (m1 - m2)**2) / (2 * s2**2)
```

</details>

:::{exercise} A stretched bell
:label: ex-gm-sinh
Let $z\sim\mathcal N(0,1)$ and $x=\sinh z$. Write the density of $x$.
:::
"""

# %%
stretched = ...  # a function of an array x

exercise("gm-sinh").check(stretched)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$dx/dz=\cosh z=\sqrt{1+x^2}$.

```python
def stretched(x):
    return stats.norm.pdf(np.arcsinh(x)) / np.sqrt(1 + x**2)
```

</details>

:::{exercise} Undo a coupling
:label: ex-gm-uncouple
Given $y$ of shape $(n,2)$ and two functions $s,t$, return the $x$ that [the coupling](#eq-gm-coupling) maps to $y$, and the log-determinant of the inverse map at $y$.
:::
"""

# %%
uncouple = ...  # a function of (y, s, t) that returns x and the log-determinant

exercise("gm-uncouple").check(uncouple)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The first coordinate is untouched, so $s$ and $t$ can be evaluated.

```python
def uncouple(y, s, t):
    first, second = y.T
    return np.stack([first, (second - t(first)) * np.exp(-s(first))], 1), -s(first)
```

</details>

:::{exercise} Half noise
:label: ex-gm-half-noise
At which step $t$ (counted from 1) does the forward process first hold more noise variance than signal, $\bar\alpha_t<\frac12$?
:::
"""

# %%
half_noise = ...  # an integer

exercise("gm-half-noise").check(half_noise)

# %% [markdown]
r"""
<details><summary>Solution</summary>

`bar[0]` belongs to $t=1$.

```python
half_noise = int(np.argmax(bar < 0.5)) + 1
```

</details>

:::{exercise} Fit by slopes
:label: ex-gm-score-fit
The model is $\bar p_v(x)=e^{-x^2/v}$. Find by hand the $v$ that minimises [the score-matching criterion](#eq-gm-score-matching) on a sample `x`.
:::
"""

# %%
by_slopes = ...  # a function of a sample x

exercise("gm-score-fit").check(by_slopes)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\psi=-2x/v$, so the criterion is $-2/v+2\overline{x^2}/v^2$, stationary at $v=2\overline{x^2}$.

```python
def by_slopes(x):
    return 2 * np.mean(x**2)
```

</details>

:::{exercise} One bit in noise
:label: ex-gm-denoise
$x=\pm1$ with equal chance and $y=x+\sigma\epsilon$. Write the best denoiser, either by Bayes or by [the score](#eq-gm-tweedie).
:::
"""

# %%
denoise = ...  # a function of (y, sigma)

exercise("gm-denoise").check(denoise)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The log-odds of $+1$ are $2y/\sigma^2$, and $2\sigma(u)-1=\tanh(u/2)$.

```python
def denoise(y, sigma):
    return np.tanh(y / sigma**2)
```

</details>

:::{exercise} Project: uphill, with noise
:label: ex-gm-langevin
Given only the score of the smiling mixture, draw 1000 points of it with Langevin's chain, $x\leftarrow x+\frac h2\nabla\log p(x)+\sqrt h\,\epsilon$. Then find out why the shares of the three parts are hard to get right, and how diffusion avoids that.
:::
"""

# %%
langevin = ...  # a function of (score, rng) that returns 1000 points

exercise("gm-langevin").check(langevin)

# %% [markdown]
r"""
<details><summary>Solution</summary>

From a broad start, with steps that are small against the thinnest part (variance 0.08). Points rarely cross between parts, so the start decides the shares; diffusion first moves where everything overlaps.

```python
def langevin(score, rng, h=0.01):
    x = rng.normal(size=(1000, 2)) * [2.0, 1.0]
    for _ in range(1000):
        x = x + h / 2 * score(x) + np.sqrt(h) * rng.normal(size=x.shape)
    return x
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| PCA | top eigenvectors of $\frac1nX^\top X$; error = discarded eigenvalues | [variance and residual](#eq-gm-pythagoras) |
| linear autoencoder | finds the PCA subspace, weights up to an invertible matrix | [loss](#eq-gm-linear-ae) |
| denoising | $\mathbb E[x\mid y]=y+\sigma^2\nabla\log p_\sigma(y)$ | [formula](#eq-gm-tweedie) |
| factor analysis | $x\sim\mathcal N(\mu,WW^\top+\Sigma)$; $z\mid x$ Gaussian | [posterior](#eq-gm-fa-posterior) |
| probabilistic PCA | $\rho_i=\sqrt{\max\{0,\lambda_i-\sigma^2\}}$, $\hat\sigma^2$ = mean discarded eigenvalue | [maximum](#eq-gm-ppca) |
| ELBO | $\log p(x)=\text{ELBO}+KL(q\Vert p(z\mid x))$ | [derivation](#eq-gm-elbo) |
| VAE | reconstruction $-\ KL(q\Vert p(z))$, $z=\mu+\sigma\odot\epsilon$ | [bound](#eq-gm-vae), [trick](#eq-gm-reparam) |
| flow | $\ln p_x(x)=\ln p_z(z)-\ln\lvert\det J_f(z)\rvert$; coupling: $\sum_js_j$ | [theorem](#eq-gm-change), [layer](#eq-gm-coupling) |
| score matching | $\mathbb E[\sum_i\partial_i\psi_i+\frac12\psi_i^2]$ | [criterion](#eq-gm-score-matching) |
| noise contrast | classify data against noise; $\alpha$ is a parameter | [odds](#eq-gm-nce) |
| diffusion | $x_t=\sqrt{\bar\alpha_t}x_0+\sqrt{1-\bar\alpha_t}\epsilon$; $\epsilon_\theta\approx-\sqrt{1-\bar\alpha_t}\nabla\log q_t$ | [forward](#eq-gm-closed), [reverse](#eq-gm-reverse), [density](#eq-gm-ode) |

**Further reading.** {cite:t}`prince2023` and {cite:t}`goodfellow2016` cover all of this at book length. In the authors' words: linear autoencoders {cite:p}`baldi1989`, probabilistic PCA {cite:p}`tipping1999`, the VAE {cite:p}`kingma2014` and its deep latent sister {cite:p}`rezende2014`, RealNVP {cite:p}`dinh2017nvp`, score matching {cite:p}`hyvarinen2005`, denoising as score matching {cite:p}`vincent2011`, diffusion {cite:p}`ho2020` and its differential equation {cite:p}`song2021`.
"""
