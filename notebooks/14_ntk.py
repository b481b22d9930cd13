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
(ntk-chapter)=
# The neural tangent kernel

A network with eight thousand hidden units learns eight numbers. Before it starts we shut a prediction into an envelope: the whole curve that the network will draw, at every moment of its training. The prediction comes from a formula in which no weight occurs. What can such a formula know?
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
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy import integrate, optimize, stats
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from sklearn.kernel_ridge import KernelRidge
from torch.func import functional_call, jacrev, jvp, vmap

from helpers import (
    data,
    exercise,
    explore,
    headline,
    measured,
    plot,
    verify,
    verify_at_least,
    verify_at_most,
    verify_within_se,
)

plot.style()
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


# %%
def on_circle(angle):
    """Unit vectors, (n, 2)."""
    return np.stack([np.cos(angle), np.sin(angle)], -1)


def envelope(X, Z):
    """The formula: a number for every pair of unit vectors. It knows their angle."""
    cosine = np.clip(X @ Z.T, -1, 1)
    angle = np.arccos(cosine)
    return (np.sin(angle) + 2 * (np.pi - angle) * cosine) / (2 * np.pi)


def train(W, a, X, y, eta, steps, keep):
    """Descend ½‖f(X) − y‖², f(x) = Σ aⱼ(wⱼᵀx)₊/√m; the weights at the steps in keep."""
    W, a, kept = W.copy(), a.copy(), {}
    for t in range(steps + 1):
        if t in keep:
            kept[t] = W.copy(), a.copy()
        Z = X @ W.T  # (n, m)
        error = np.maximum(Z, 0) @ a / np.sqrt(len(a)) - y
        back = error[:, None] * (Z > 0) * a / np.sqrt(len(a))
        a = a - eta * error @ np.maximum(Z, 0) / np.sqrt(len(a))
        W = W - eta * back.T @ X
    return kept


# %%
rng = np.random.default_rng(1)
angles = -np.pi + 2 * np.pi * (np.arange(8) + rng.uniform(0.15, 0.85, 8)) / 8
X, y = on_circle(angles), np.sin(angles) - np.cos(2 * angles)
half_W, half_a = rng.normal(size=(4096, 2)), rng.normal(size=4096)
W0, a0 = np.r_[half_W, half_W], np.r_[half_a, -half_a]  # pairs cancel: f = 0 at first
eta, times = 0.3, [0, 3, 30, 1000]
history = train(W0, a0, X, y, eta, times[-1], times)

grid = np.linspace(-np.pi, np.pi, 361)
G = on_circle(grid)
f = lambda W, a, X: np.maximum(X @ W.T, 0) @ a / np.sqrt(len(a))
lam, Q = np.linalg.eigh(envelope(X, X))


def predicted(t, X_new):
    """What is in the envelope: the function after t steps."""
    learned = (1 - (1 - eta * lam) ** t) / lam
    return envelope(X_new, X) @ Q @ (learned * (Q.T @ y))


worst = [abs(f(*history[t], G) - predicted(t, G)).max() for t in times[1:]]
verify_at_most(
    "8192 units after 3, 30, 1000 steps: largest distance of the network "
    "from the formula, anywhere on the circle",
    worst,
    0.06,
)
verify(
    "… its values at the eight points after 1000 steps",
    f(*history[1000], X),
    y,
    atol=1e-3,
)
moved = np.linalg.norm(history[1000][0] - W0) / np.linalg.norm(W0)
verify_at_most(
    "… and how far its inner weights have moved, relative to their size", moved, 0.03
)

# %% mystnb={"image": {"alt": "Eight points on a circle unrolled to angles, and the function of the network at four times: coloured solid curves of the network covered by dashed black curves of the formula, the last passing through all points."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3.3))
for t, colour in zip(times, (plot.GREY, plot.SKY, plot.BLUE, plot.RED)):
    ax.plot(grid, f(*history[t], G), color=colour, lw=4, alpha=0.75, label=f"step {t}")
    ax.plot(
        grid,
        predicted(t, G),
        "--",
        color="black",
        lw=1,
        label="formula" if t == 1000 else None,
    )
ax.plot(angles, y, "o", color="black", ms=7, zorder=4)
ax.set(xlabel="angle of the input", ylabel="output")
fig.legend(loc="outside lower center", ncols=5)
plt.show()

# %% [markdown]
r"""
The dashed lines are the envelope. The network lies on them, from the first step to the last; it learned all eight numbers, and to do so it moved its weights by about two per cent. The formula knows the angle between two inputs, nothing else.

By the end of this chapter you will be able to

- **compute** with functions whose features you never write down,
- **condition** a random function on what was observed, with honest error bars,
- **derive** the kernel of a wide network, before and during training, and check it against real networks,
- **predict** a training curve, direction by direction,
- **say** where this picture ends: a network that it describes learns no features.

It builds on [ridge regression](#ridge-regression), on [eigenvectors](#eq-la-eigendecomposition) and on [backpropagation](#eq-bp-delta). All cells together take about half a minute on one core.

## Similarity instead of features

(positive-definite-kernel)=
In [polynomial regression](#polynomial-regression) a function was linear in features, $f(x)=w^\top\varphi(x)$, and everything that was ever computed from two inputs was an inner product $\varphi(x)^\top\varphi(z)$. So why compute the features?

:::{prf:definition} Kernel
:label: def-ntk-kernel
A symmetric function $k(x,z)$ is a *(positive semi-definite) kernel* if for all $x_1,\dots,x_n$ the *Gram matrix* $K_{ij}=k(x_i,x_j)$ is positive semi-definite.
:::

Every inner product of features is one, since $c^\top Kc=\bigl\|\sum_ic_i\varphi(x_i)\bigr\|^2\ge0$; and every kernel is an inner product of some features, perhaps infinitely many {cite:p}`scholkopf2002`. For instance, with two inputs,

$$
(x^\top z)^2=x_1^2z_1^2+2x_1x_2z_1z_2+x_2^2z_2^2
=\begin{pmatrix}x_1^2\\\sqrt2\,x_1x_2\\x_2^2\end{pmatrix}^{\!\top}\begin{pmatrix}z_1^2\\\sqrt2\,z_1z_2\\z_2^2\end{pmatrix}.
$$ (eq-ntk-quadratic)

In $d$ dimensions the right side has $d(d+1)/2$ terms, the left side still costs $d$ multiplications. For the Gaussian kernel (*RBF*) $e^{-\|x-z\|^2/2\ell^2}$ the features are infinitely many, and the price is the same.
"""


# %%
def squared_distance(X, Z):
    return ((X[:, None] - Z[None]) ** 2).sum(-1)


def rbf(X, Z, length=1.0):
    return np.exp(-squared_distance(X, Z) / (2 * length**2))


rng = np.random.default_rng(2)
P = rng.normal(size=(50, 3))
gram = {
    "linear xᵀz": P @ P.T,
    "cubic (1 + xᵀz)³": (1 + P @ P.T) ** 3,
    "RBF": rbf(P, P),
    "−‖x − z‖": -np.sqrt(squared_distance(P, P)),
}
smallest = {name: np.linalg.eigvalsh(K)[0] for name, K in gram.items()}
for name in list(gram)[:3]:
    verify_at_least(
        f"{name} on 50 points: smallest eigenvalue of the Gram matrix",
        smallest[name],
        0.0,
        atol=1e-9,
    )
verify_at_most(
    "−‖x − z‖ is a similarity but no kernel: smallest eigenvalue",
    smallest["−‖x − z‖"],
    -1.0,
)


def quadratic_features(X):
    """All products x_i x_j with i ≤ j; mixed ones by √2, (n, d(d + 1)/2)."""
    i, j = np.triu_indices(X.shape[1])
    return X[:, i] * X[:, j] * np.where(i == j, 1, np.sqrt(2))


Phi = quadratic_features(P)
verify(
    "(xᵀz)² is the inner product of explicit features",
    Phi @ Phi.T,
    (P @ P.T) ** 2,
    rtol=1e-12,
    atol=1e-12,
)

# %% [markdown]
r"""
Kernels can be built from kernels. Sums and non-negative multiples are obvious; *products* are the surprise (Schur): if $K=\sum_iu_iu_i^\top$ and $L=\sum_jv_jv_j^\top$, then entry by entry $K\circ L=\sum_{ij}(u_i\circ v_j)(u_i\circ v_j)^\top$. Remember it: the kernel in our envelope will turn out to be a sum of products.
"""

# %%
lowest = []
for trial in range(100):
    U, V = rng.normal(size=(2, 8, 3))  # rank 3, so that zero is nearly reached
    K, L = U @ U.T, V @ V.T
    lowest.append([np.linalg.eigvalsh(M)[0] for M in (K + L, 0.3 * K, K * L)])
verify_at_least(
    "100 random pairs of kernels: sum, multiple, product stay kernels",
    np.array(lowest),
    0.0,
    atol=1e-12,
)
i, j = np.divmod(np.arange(9), 3)
verify(
    "the product of two kernels has the products of their features",
    (U[:, i] * V[:, j]) @ (U[:, i] * V[:, j]).T,
    K * L,
    atol=1e-12,
)

# %% [markdown]
r"""
(kernel-ridge-regression)=
## Ridge regression without features

Ridge regression on features, $\min_w\|y-\Phi w\|^2+\lambda\|w\|^2$, has [the solution](#ridge-regression) $w=(\Phi^\top\Phi+\lambda I)^{-1}\Phi^\top y$, a system as large as there are features. But from $\Phi^\top(\Phi\Phi^\top+\lambda I)=(\Phi^\top\Phi+\lambda I)\Phi^\top$, multiplied by both inverses,

$$
(\Phi^\top\Phi+\lambda I)^{-1}\Phi^\top=\Phi^\top(\Phi\Phi^\top+\lambda I)^{-1},
$$ (eq-ntk-push)

and so the prediction $\varphi(x)^\top w$ needs nothing but the kernel,

$$
\hat f(x)=k(x,X)\,\alpha,\qquad\alpha=(K+\lambda I)^{-1}y :
$$ (eq-ntk-krr)

a system as large as there are *examples*. Written for functions $f=\sum_i\alpha_ik(\cdot,x_i)$ the penalty is $\|w\|^2=\alpha^\top K\alpha=:\|f\|_{\mathcal H}^2$. As $\lambda\to0$ it only decides among the functions that fit, and what remains is [the interpolant of least norm](#moore-penrose-pseudoinverse).
"""


# %%
def kernel_ridge(k, X, y, lam):
    """The fitted function: x ↦ k(x, X)(K + λI)⁻¹ y."""
    alpha = np.linalg.solve(k(X, X) + lam * np.eye(len(X)), y)
    return lambda X_new: k(X_new, X) @ alpha


quadratic = lambda X, Z: (X @ Z.T) ** 2
Xk, yk, X_new = rng.normal(size=(40, 3)), rng.normal(size=40), rng.normal(size=(9, 3))
Phi, Phi_new = quadratic_features(Xk), quadratic_features(X_new)
w = np.linalg.solve(Phi.T @ Phi + 0.7 * np.eye(6), Phi.T @ yk)
verify(
    "quadratic kernel, 40 × 40 system: ridge on six explicit features",
    kernel_ridge(quadratic, Xk, yk, 0.7)(X_new),
    Phi_new @ w,
    rtol=1e-8,
)
theirs = KernelRidge(alpha=0.7, kernel="rbf", gamma=0.5).fit(Xk, yk).predict(X_new)
verify(
    "RBF kernel: scikit-learn's KernelRidge",
    kernel_ridge(rbf, Xk, yk, 0.7)(X_new),
    theirs,
    rtol=1e-8,
)

# %% [markdown]
"""
Is the solution the minimiser, and is the limit the shortest interpolant? The first by an optimiser that is told only the objective; the second with three examples and six features, where the pseudoinverse gives the answer.
"""

# %%
K = rbf(Xk, Xk)
objective = lambda alpha: np.sum((yk - K @ alpha) ** 2) + 0.7 * alpha @ K @ alpha
found = optimize.minimize(
    objective, np.zeros(40), method="BFGS", options={"gtol": 1e-7}
)
alpha = np.linalg.solve(K + 0.7 * np.eye(40), yk)
verify(
    "squared error plus λ‖f‖²: least value, by BFGS",
    objective(alpha),
    found.fun,
    rtol=1e-8,
)
verify(
    "… attained by the same function",
    rbf(X_new, Xk) @ alpha,
    rbf(X_new, Xk) @ found.x,
    atol=1e-4,
)
few = kernel_ridge(quadratic, Xk[:3], yk[:3], 1e-9)
verify(
    "λ → 0: residual on the training points",
    few(Xk[:3]) - yk[:3],
    np.zeros(3),
    atol=1e-6,
)
verify(
    "λ → 0: the interpolant of least norm",
    few(X_new),
    Phi_new @ np.linalg.pinv(Phi[:3]) @ yk[:3],
    atol=1e-5,
)

# %% [markdown]
r"""
Two knobs. The length scale $\ell$ says how far a point's opinion reaches, $\lambda$ how much it is believed. Look for three corners: believe everything nearby (bristles), believe nothing (flat), and the one between.
"""

# %% tags=["hide-input"]
rng = np.random.default_rng(3)
x_noisy = np.sort(rng.uniform(-3, 3, 30))
y_noisy = np.sin(2 * x_noisy) + 0.3 * rng.normal(size=30)
line = np.linspace(-3.2, 3.2, 300)


def two_knobs(length, lam):
    fitted = kernel_ridge(
        lambda X, Z: rbf(X, Z, length), x_noisy[:, None], y_noisy, lam
    )
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    ax.plot(line, np.sin(2 * line), color=plot.GREY, lw=1, label="truth")
    ax.plot(x_noisy, y_noisy, ".", color="black")
    ax.plot(line, fitted(line[:, None]), color=plot.RED, label="kernel ridge")
    ax.set(xlabel="$x$", ylim=(-2.2, 2.2))
    ax.legend(loc="upper left", ncols=2)
    return fig


explore(
    two_knobs,
    alt="Thirty noisy points of a sine and the kernel ridge fit: bristly for small length and penalty, flat for large ones",
    length=[0.6, 0.1, 0.3, 1.5, 4.0],
    lam=[0.1, 0.001, 10.0],
)

# %% [markdown]
r"""
(gaussian-process)=
## Functions drawn at random

How sure is the red curve between the points? To answer, one needs a probability for *functions*.

:::{prf:definition} Gaussian process
:label: def-ntk-gp
A random function $f$ is a *Gaussian process* with mean $0$ and kernel $k$ if its values at any finitely many points are jointly Gaussian, $f(X)\sim\mathcal N(0,K)$.
:::

So a kernel is also a *covariance*: similar inputs, similar outputs. To draw $f$ on a grid, multiply white noise by a square root of $K$, as for [any Gaussian](#eq-la-cholesky).
"""


# %%
def draws(K, number, rng):
    """Samples of N(0, K), one a row, by the eigenvectors (K may be singular)."""
    lam, Q = np.linalg.eigh(K)
    root = Q * np.sqrt(np.maximum(lam, 0))
    return rng.normal(size=(number, len(K))) @ root.T


rng = np.random.default_rng(4)
six = np.array([-2.0, -0.5, 0.0, 0.1, 1.0, 2.5])[:, None]
sample = draws(rbf(six, six), 100_000, rng)  # (100000, 6)
for i, j in ((0, 0), (1, 2), (2, 3), (3, 4)):
    verify_within_se(
        f"prior draws: covariance of f({six[i, 0]}) and f({six[j, 0]})",
        sample[:, i] * sample[:, j],
        rbf(six[[i]], six[[j]])[0, 0],
    )

# %% [markdown]
r"""
Now observe $y=f(X)+\varepsilon$, $\varepsilon\sim\mathcal N(0,\sigma^2I)$. The vector $(y,f_*)$ with $f_*=f(x_*)$ is Gaussian with covariance

$$
\begin{pmatrix}K+\sigma^2I&k_*\\k_*^\top&k_{**}\end{pmatrix},\qquad k_*=k(X,x_*),\quad k_{**}=k(x_*,x_*).
$$

Subtract from $f_*$ what $y$ knows of it: $r=f_*-k_*^\top(K+\sigma^2I)^{-1}y$. Its covariance with $y$ is $k_*^\top-k_*^\top(K+\sigma^2I)^{-1}(K+\sigma^2I)=0$, so $r$ is independent of $y$, and given $y$ only $r$ is still random. Hence

$$
\begin{aligned}
\mu_*&=k_*^\top(K+\sigma^2I)^{-1}y,\\
\sigma_*^2&=k_{**}-k_*^\top(K+\sigma^2I)^{-1}k_* .
\end{aligned}
$$ (eq-ntk-posterior)

The mean is [kernel ridge regression](#eq-ntk-krr) with $\lambda=\sigma^2$, seen from the other side. And the variance does not depend on $y$: where one looked matters for how sure one is, not what one saw.
"""


# %%
def posterior(k, X, y, X_new, noise):
    """Mean (k,) and covariance (k, k) of f(X_new) given y = f(X) + noise."""
    A = k(X, X) + noise**2 * np.eye(len(X))
    weights = np.linalg.solve(A, k(X, X_new)).T  # (n_new, n)
    return weights @ y, k(X_new, X_new) - weights @ k(X, X_new)


length_08 = lambda X, Z: rbf(X, Z, 0.8)
mu, cov = posterior(length_08, x_noisy[:, None], y_noisy, line[:, None], 0.3)
judge = GaussianProcessRegressor(kernels.RBF(0.8, "fixed"), alpha=0.09, optimizer=None)
their_mu, their_cov = judge.fit(x_noisy[:, None], y_noisy).predict(
    line[:, None], return_cov=True
)
verify("posterior mean: scikit-learn's Gaussian process", mu, their_mu, atol=1e-6)
verify("posterior covariance: scikit-learn's", cov, their_cov, atol=1e-6)
verify(
    "posterior mean: kernel ridge regression with λ = σ²",
    mu,
    kernel_ridge(length_08, x_noisy[:, None], y_noisy, 0.09)(line[:, None]),
    atol=1e-10,
)

# %% [markdown]
"""
Are the error bars honest? If the function really was drawn from the process, the 95 % band must hold it in 95 % of the cases. A thousand functions, each observed at ten places with noise and asked for at an eleventh:
"""

# %%
rng, inside = np.random.default_rng(5), []
for trial in range(1000):
    x = rng.uniform(-3, 3, (11, 1))
    truth = draws(length_08(x, x), 1, rng)[0]
    seen = truth[:10] + 0.3 * rng.normal(size=10)
    mean, var = posterior(length_08, x[:10], seen, x[10:], 0.3)
    inside.append(abs(truth[10] - mean[0]) < 1.959964 * np.sqrt(var[0, 0]))
verify_within_se(
    "1000 functions from the process: share inside their 95 % band",
    np.array(inside, dtype=float),
    0.95,
    sigmas=3,
)

# %% [markdown]
"""
Add observations one at a time. The band closes in on each, and three functions drawn from what is left agree with one another there and disagree elsewhere.
"""

# %% tags=["hide-input"]
order = np.random.default_rng(6).permutation(30)


def observe(observations):
    some = order[:observations]
    mu, cov = posterior(
        length_08, x_noisy[some, None], y_noisy[some], line[:, None], 0.3
    )
    sd = np.sqrt(np.maximum(np.diag(cov), 0))
    fig, ax = plt.subplots(figsize=(6.8, 3.1))
    ax.fill_between(
        line,
        mu - 1.96 * sd,
        mu + 1.96 * sd,
        color=plot.SKY,
        alpha=0.35,
        label="95 % band",
    )
    for one in mu + draws(cov, 3, np.random.default_rng(8)):
        ax.plot(line, one, color=plot.BLUE, lw=0.9)
    ax.plot(line, mu, color=plot.RED, label="mean")
    ax.plot(x_noisy[some], y_noisy[some], "o", color="black", ms=4)
    ax.set(xlabel="$x$", ylim=(-3, 3), title=f"{observations} observations")
    ax.legend(loc="upper left", ncols=2)
    return fig


explore(
    observe,
    alt="A band of uncertainty with three random functions inside: wide without data, pinched at each observation, narrow after thirty",
    observations=[3, 0, 1, 2, 4, 6, 10, 18, 30],
)
# %% [markdown]
r"""
(neural-network-gaussian-process)=
## A wide network is a random function

Before training, a network is a random function too. Which? Take one hidden layer with all weights standard normal,

$$
f(x)=\frac1{\sqrt m}\sum_{j=1}^ma_j\,\phi(w_j^\top x).
$$ (eq-ntk-network)

Watch its value at one input over many random networks (left), and a few of the functions (right), while the width grows.
"""


# %%
def random_networks(X, m, number, phi, rng, batch=2_000_000):
    """Values at X of so many networks of width m, (number, n); all weights N(0, 1)."""
    out = []
    for part in np.array_split(np.arange(number), max(1, number * m // batch)):
        W = rng.normal(size=(len(part), m, X.shape[1]))
        a = rng.normal(size=(len(part), 1, m))
        out.append((a @ phi(W @ X.T))[:, 0] / np.sqrt(m))
    return np.concatenate(out)


relu = lambda z: np.maximum(z, 0)


# %% tags=["hide-input"]
def width_of_network(m):
    rng = np.random.default_rng(9)
    line = np.linspace(-3, 3, 121)
    lifted = np.stack([line, np.ones(121)], -1)  # a second input, 1, makes the biases
    values = random_networks(np.array([[1.0, 1.0]]), m, 4000, np.tanh, rng)[:, 0]
    curves = random_networks(lifted, m, 5, np.tanh, rng)
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0))
    t = np.linspace(-3.2, 3.2, 200)
    left.hist(
        values / values.std(),
        bins=np.linspace(-3.2, 3.2, 33),
        density=True,
        color=plot.SKY,
    )
    left.plot(t, stats.norm.pdf(t), color=plot.RED)
    left.set(xlabel="value at one input, standardised", ylim=(0, 0.95))
    right.plot(line, curves.T, lw=1.2)
    right.set(xlabel="$x$", ylim=(-3, 3), title=f"five networks of width {m}")
    return fig


explore(
    width_of_network,
    alt="Left a histogram of outputs of random networks against the bell curve, spiked for one unit and normal for many; right five random functions, single steps at width one and wavy curves when wide",
    m=[1, 2, 3, 5, 10, 30, 100, 300],
)

# %% [markdown]
r"""
A spike becomes a bell. The reason is [the sum](#eq-ntk-network): its terms $u_j=a_j\phi(w_j^\top x)$ are independent and alike, and $1/\sqrt m$ is what the central limit theorem asks for. How fast? The *excess kurtosis* $\mathbb E f^4/(\mathbb E f^2)^2-3$ is zero for a Gaussian. In $\mathbb E(\sum_ju_j)^4$ only those terms survive where every factor is paired: $m\,\mathbb E u^4+3m(m-1)(\mathbb E u^2)^2$. Divide by $(m\,\mathbb E u^2)^2$ and subtract 3; and with $\mathbb E a^4=3$,

$$
\text{excess kurtosis}=\frac1m\Bigl(\frac{\mathbb E u^4}{(\mathbb E u^2)^2}-3\Bigr)=\frac1m\Bigl(\frac{3\,\mathbb E\phi^4}{(\mathbb E\phi^2)^2}-3\Bigr).
$$ (eq-ntk-kurtosis)
"""


# %%
def gauss_mean(g, sd=1.0):
    """E g(z) for z ~ N(0, sd²), by Gauss-Hermite quadrature."""
    z, w = np.polynomial.hermite_e.hermegauss(80)
    return w @ g(sd * z) / np.sqrt(2 * np.pi)


rng = np.random.default_rng(10)
one_input = np.array([[1.0, 1.0]])  # so that wᵀx has variance 2
fourth, second = (gauss_mean(lambda z: np.tanh(z) ** k, np.sqrt(2)) for k in (4, 2))
for m, number in ((1, 400_000), (10, 400_000), (100, 60_000)):
    values = random_networks(one_input, m, number, np.tanh, rng)[:, 0]
    excess = (values / np.sqrt(second)) ** 4 - 3  # its mean is the excess kurtosis
    limit = (3 * fourth / second**2 - 3) / m
    verify(
        f"tanh, width {m}: excess kurtosis against {limit:.3f}",
        excess.mean() + 3,
        3 + limit,
        atol=4 * excess.std() / np.sqrt(number),
    )

# %% [markdown]
r"""
And at several inputs at once? The vector $(f(x_1),\dots,f(x_n))$ is a mean of independent random *vectors*, so in the limit it is jointly Gaussian, with the covariance of a single term. That is {cite:t}`neal1996`'s theorem.

:::{prf:theorem} Neal
:label: thm-ntk-neal
Let $f(x)=b+\frac{\sigma_a}{\sqrt m}\sum_ja_j\,\phi(w_j^\top x)$ with all $w_j,a_j$ independent, $a_j$ of mean 0 and variance 1, $b\sim\mathcal N(0,\sigma_b^2)$, and $\phi$ not growing too fast. As $m\to\infty$, $f$ becomes a Gaussian process with mean 0 and kernel

$$
k(x,z)=\sigma_b^2+\sigma_a^2\,\mathbb E_w\bigl[\phi(w^\top x)\,\phi(w^\top z)\bigr].
$$ (eq-ntk-nngp)
:::

For the rectifier and Gaussian $w$ the expectation has a closed form. Only the plane of $x$ and $z$ matters, and there $w=r(\cos\psi,\sin\psi)$ with $\psi$ uniform and $r^2$ of mean 2. With $\vartheta$ between $x$ and $z$, both units are on for an arc of length $\pi-\vartheta$:

$$
\begin{aligned}
\mathbb E[(w^\top x)_+(w^\top z)_+]&=\|x\|\|z\|\,\frac{\mathbb E r^2}{2\pi}\int_{\vartheta-\pi/2}^{\pi/2}\cos\psi\cos(\psi-\vartheta)\,d\psi\\
&=\frac{\|x\|\|z\|}{2\pi}\bigl(\sin\vartheta+(\pi-\vartheta)\cos\vartheta\bigr),
\end{aligned}
$$ (eq-ntk-arccos)

because $2\cos\psi\cos(\psi-\vartheta)=\cos\vartheta+\cos(2\psi-\vartheta)$ {cite:p}`cho2009`.
"""


# %%
def angle_between(X, Z):
    norms = np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(Z, axis=1)
    return np.arccos(np.clip(X @ Z.T / norms, -1, 1)), norms


def relu_covariance(X, Z):
    """E[(wᵀx)₊(wᵀz)₊] for w ~ N(0, I): the arc-cosine kernel."""
    angle, norms = angle_between(X, Z)
    return norms * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)


rng = np.random.default_rng(11)
P = rng.normal(size=(4, 3)) + 1
w = rng.normal(size=(1_000_000, 3))
units = relu(w @ P.T)  # (10⁶, 4)
verify(
    "arc-cosine formula, four inputs in three dimensions, against 10⁶ units",
    units.T @ units / len(w),
    relu_covariance(P, P),
    rtol=0.01,
)
values = random_networks(P, 500, 8000, relu, rng)
for i, j in ((0, 0), (0, 1), (2, 3)):
    verify_within_se(
        f"8000 ReLU networks of width 500: covariance of outputs {i}, {j}",
        values[:, i] * values[:, j],
        relu_covariance(P, P)[i, j],
    )
together = values @ np.array([1.0, -1.0, 0.5, 2.0])
verify(
    "… a combination of the four outputs: kurtosis of a Gaussian",
    np.mean(together**4) / np.mean(together**2) ** 2,
    3.0,
    atol=0.25,
)

# %% [markdown]
r"""
(deep-nngp-recursion)=
### Deeper

Put a second wide layer on top. *Given* the first, its pre-activations are Gaussian with the covariance that the first layer happens to have; and by the law of large numbers a wide layer has, up to $O(m^{-1/2})$, the covariance [of the theorem](#eq-ntk-nngp). So the step repeats {cite:p}`lee2018`:

$$
K_l(x,z)=\sigma_b^2+\sigma_w^2\,\mathbb E\bigl[\phi(u)\,\phi(v)\bigr],\qquad(u,v)\sim\mathcal N\!\left(0,\begin{pmatrix}K_{l-1}(x,x)&K_{l-1}(x,z)\\K_{l-1}(x,z)&K_{l-1}(z,z)\end{pmatrix}\right).
$$ (eq-ntk-recursion)

For the rectifier $\mathbb E\phi(u)^2=\frac12K(x,x)$, so $\sigma_w^2=2$, $\sigma_b=0$ keeps the diagonal ([He's initialisation](#initialization-heuristics), met again), and what changes is the correlation $c=\cos\vartheta$:

$$
c_l=\frac{\sin\vartheta_{l-1}+(\pi-\vartheta_{l-1})\cos\vartheta_{l-1}}\pi .
$$ (eq-ntk-map)

Real networks for comparison, 200 of width 2000 and ten layers deep: eight thousand million weights? No need to draw them. Given the layer below, the pre-activations of the units are *exactly* independent Gaussians with covariance $\frac2mHH^\top$, so we draw those.
"""


# %%
def correlation_map(c):
    angle = np.arccos(np.clip(c, -1, 1))
    return (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi


def next_layer(H, m, rng):
    """Pre-activations of m fresh units on top of H (n, m'), weights of variance 2/m'."""
    C = 2 * H @ H.T / H.shape[1]
    return np.linalg.cholesky(C + 1e-12 * np.trace(C) * np.eye(len(C))) @ rng.normal(
        size=(len(H), m)
    )


rng = np.random.default_rng(12)
pair = on_circle(np.array([0.0, 2.0]))  # cos ϑ = −0.416
seen = []
for net in range(200):
    Z, rows = pair @ rng.normal(size=(2, 2000)) * np.sqrt(2), []
    for layer in range(10):
        S = Z @ Z.T / 2000
        rows.append([S[0, 0], S[0, 1] / np.sqrt(S[0, 0] * S[1, 1])])
        Z = next_layer(relu(Z), 2000, rng)
    seen.append(rows)
diagonal, alike = np.moveaxis(np.mean(seen, axis=0), 1, 0)
c = [np.cos(2.0)]
for layer in range(9):
    c.append(correlation_map(c[-1]))
verify(
    "200 networks of width 2000: the diagonal stays, layer after layer",
    diagonal,
    np.full(10, 2.0),
    rtol=0.02,
)
verify(
    "… correlation of two inputs in layers 2 to 10, against the map",
    alike[1:],
    np.array(c[1:]),
    rtol=0.02,
)
verify(
    "one step of the map is the arc-cosine kernel",
    correlation_map(np.cos(2.0)),
    2 * relu_covariance(pair, pair)[0, 1],
    rtol=1e-12,
)

# %% [markdown]
r"""
Where does it lead? Near $\vartheta=0$ expand: $\sin\vartheta-\vartheta\cos\vartheta\approx\vartheta^3/3$, so $c_l\approx c+\vartheta^3/3\pi$. With $\epsilon=1-c\approx\vartheta^2/2$ that is $\epsilon_l-\epsilon_{l-1}\approx-\frac{2\sqrt2}{3\pi}\epsilon^{3/2}$, and as a differential equation, $\frac{d}{dl}\epsilon^{-1/2}=\frac{\sqrt2}{3\pi}$. So

$$
1-c_l\approx\frac{9\pi^2}{2\,l^2} :
$$ (eq-ntk-forget)

*all* correlations tend to 1. A very deep network of this kind cannot tell its inputs apart.
"""

# %%
start = np.linspace(-1, 0.99, 9)
c = start.copy()
for layer in range(100_000):
    c = correlation_map(c)
verify(
    "nine pairs of inputs after 100 000 layers: largest distance of c from 1",
    (1 - c).max(),
    9 * np.pi**2 / 2 / 1e10,
    rtol=0.02,
)
rows = [start]
for layer in range(10):
    rows.append(correlation_map(rows[-1]))
verify_at_least(
    "ten layers: what a layer adds to the correlation of any pair",
    np.diff(rows, axis=0),
    0.0,
)


# %% tags=["hide-input"]
def deep_kernel(depth):
    theta = np.linspace(-np.pi, np.pi, 201)
    c, cov = np.cos(theta), np.cos(theta[:, None] - theta)
    for _ in range(depth):
        c, cov = correlation_map(c), correlation_map(cov)
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0))
    left.plot(theta, c, color=plot.RED)
    left.set(
        xlabel="angle between the inputs",
        ylabel="correlation of the outputs",
        ylim=(-1.05, 1.05),
        title=f"{depth} hidden layers",
    )
    right.plot(theta, draws(cov, 4, np.random.default_rng(13)).T, lw=1.2)
    right.set(xlabel="angle of the input", ylim=(-3, 3), title="four random functions")
    return fig


explore(
    deep_kernel,
    alt="Left correlation against angle, a cosine without hidden layers, flatter and closer to one with depth; right random functions on the circle that turn into constants with a dip",
    depth=[1, 0, 2, 3, 5, 8, 15, 30, 100],
)

# %% [markdown]
r"""
:::{admonition} A deep network's Gaussian process is not a deep Gaussian process
:class: correction
**The notes say** that the recursion belongs to "deep GPs", and leave out its scales.

**Right is:** [the recursion](#eq-ntk-recursion) describes *one* Gaussian process, with one kernel, to which a wide deep network converges; without the scales $\sigma_w^2,\sigma_b^2$ it has no meaning. A *deep GP* is a composition $f\circ g$ of Gaussian processes, and that is not Gaussian: its tails are heavy, as the check shows.
:::
"""

# %%
rng = np.random.default_rng(14)
u = rng.normal(size=(400_000, 2))  # g at the two inputs: here with independent values
distance = abs(u[:, 0] - u[:, 1])
jump = np.sqrt(2 - 2 * np.exp(-(distance**2) / 2)) * rng.normal(size=400_000)
heavy = (
    np.mean(jump**4) / np.mean(jump**2) ** 2
)  # of f(g(x)) − f(g(z)), RBF kernel for f
by_hand = (
    3
    * np.mean((1 - np.exp(-(distance**2) / 2)) ** 2)
    / np.mean(1 - np.exp(-(distance**2) / 2)) ** 2
)
verify(
    "a GP of a GP: kurtosis of a difference, by drawing and by its mixture",
    heavy,
    by_hand,
    rtol=0.03,
)
verify_at_least("… where a Gaussian has 3", heavy, 4.0)
wide = random_networks(P[:2], 1000, 20_000, relu, rng)
verify(
    "a wide network: kurtosis of a difference",
    np.mean((wide[:, 0] - wide[:, 1]) ** 4)
    / np.mean((wide[:, 0] - wide[:, 1]) ** 2) ** 2,
    3.0,
    atol=0.15,
)

# %% [markdown]
r"""
(linearized-network)=
## Straighten the network

That was before training. During training the weights move, and $f(x;\theta)$ depends on them in a crooked way. If they do not move far, the first terms of Taylor's formula may do:

$$
h(\beta)(x)=f(x;\theta_0)+\beta^\top\nabla_\theta f(x;\theta_0),\qquad\beta=\theta-\theta_0 .
$$ (eq-ntk-linear)

Not linear in $x$, but linear in $\beta$: a regression on the *random features* $\nabla_\theta f(x;\theta_0)$, one for each weight. With a convex loss its training is a convex problem. Torch computes $h$ in one forward-mode pass; the error must be quadratic in the distance.
"""


# %%
class Net(torch.nn.Module):
    """Layers of weights N(0, 1), each divided by √(its inputs); ReLU by default."""

    def __init__(self, *sizes, act=torch.relu, gain=math.sqrt(2), seed=0, dtype=None):
        super().__init__()
        g = torch.Generator().manual_seed(seed)
        self.W = torch.nn.ParameterList(
            [
                torch.randn(k, m, generator=g, dtype=dtype)
                for m, k in zip(sizes, sizes[1:])
            ]
        )
        self.act, self.gain = act, gain

    def forward(self, x):
        """x (..., d) to (..., outputs)."""
        for l, W in enumerate(self.W):
            x = x @ W.T / math.sqrt(W.shape[1])
            x = self.act(x) * self.gain if l + 1 < len(self.W) else x
        return x


net = Net(2, 64, 64, 1, act=torch.tanh, gain=1.0)
theta0 = {k: v.detach() for k, v in net.named_parameters()}
direction = {
    k: torch.randn(v.shape, generator=torch.Generator().manual_seed(1))
    for k, v in theta0.items()
}
Xc = torch.tensor(G[::36])  # eleven inputs on the circle


def at(s):
    return functional_call(
        net, {k: v + s * direction[k] for k, v in theta0.items()}, Xc
    )


f0, slope = jvp(lambda s: at(s), (torch.tensor(0.0),), (torch.tensor(1.0),))
s = np.geomspace(1e-3, 1e-1, 7)
gap = [abs(at(v) - f0 - v * slope).max().item() for v in s]
verify(
    "network minus linearised network: slope of log error over log distance",
    np.polyfit(np.log(s), np.log(gap), 1)[0],
    2.0,
    atol=0.1,
)

# %% [markdown]
"""
Does a network that is *trained* stay close to its straightened self? Both descend on the same eight points from the same start; the linearised one on the fixed features. Three widths.
"""


# %%
def features(W, a, X):
    """∇f of the one-hidden-layer ReLU network, (n, parameters), by hand."""
    Z, m = X @ W.T, len(a)
    inner = ((Z > 0) * a)[:, :, None] * X[:, None] / np.sqrt(m)  # ∂f/∂W, (n, m, d)
    return np.c_[relu(Z) / np.sqrt(m), inner.reshape(len(X), -1)]


apart = {}
for m in (16, 256, 4096):
    W, a = rng.normal(size=(m, 2)), rng.normal(size=m)
    Phi, beta, error = features(W, a, X), 0.0, f(W, a, X) - y
    trained = train(W, a, X, y, 0.1, 300, [100, 300])
    gaps = []
    for t in range(1, 301):
        beta = beta - 0.1 * Phi.T @ (error + (Phi @ beta if t > 1 else 0))
        if t in trained:
            gaps.append(abs(f(*trained[t], X) - f(W, a, X) - Phi @ beta).max())
    apart[m] = max(gaps)
print("largest difference:", {m: round(float(gap), 3) for m, gap in apart.items()})
verify_at_most(
    "widths 16, 256, 4096: network minus linearised network while training, "
    "change from width to width",
    np.diff(list(apart.values())),
    0.0,
)
verify_at_most("… width 4096: largest difference", apart[4096], 0.01)
# %% [markdown]
r"""
Two hundred and fifty-six units are already nearly straight. (*Why* is the subject of [a later section](#lazy-training).) And a regression on features is all about one thing: their kernel.

(neural-tangent-kernel)=
## How one example moves another

Take one step of gradient descent on a single example $\xi$, with a loss $\ell$ of the output. The weights move by $\delta\theta=-\eta\,\frac{\partial\ell}{\partial f}\nabla_\theta f(\xi)$. What does that do to the output at *another* input $x$? To first order,

$$
\delta f(x)=\nabla_\theta f(x)^\top\delta\theta=-\eta\,k(x,\xi)\,\frac{\partial\ell}{\partial f}(\xi).
$$ (eq-ntk-step)

:::{prf:definition} Neural tangent kernel
:label: def-ntk
$k(x,\xi)=\langle\nabla_\theta f(x),\nabla_\theta f(\xi)\rangle$ {cite:p}`jacot2018`.
:::

It is the kernel of [the straightened network](#eq-ntk-linear), and it says how much of what is learned at $\xi$ arrives at $x$. By definition, then with `torch.func`:
"""


# %%
def ntk_by_loops(net, X):
    """⟨∇f(x), ∇f(z)⟩: a backward pass for each example, a product for each pair."""
    gradients = []
    for x in X:
        parts = torch.autograd.grad(net(x)[0], list(net.parameters()))
        gradients.append(torch.cat([p.ravel() for p in parts]))
    return torch.tensor([[g @ h for h in gradients] for g in gradients])


def ntk_by_torch(net, X):
    """The same with all examples at once."""
    theta = {k: v.detach() for k, v in net.named_parameters()}
    one = lambda theta, x: functional_call(net, theta, x)[0]
    J = vmap(jacrev(one), (None, 0))(theta, X)  # a dict of (n, *shape)
    return sum(j.flatten(1) @ j.flatten(1).T for j in J.values())


digits = data.digits()
images = torch.tensor(digits.X_train[:200])
unit = images / images.norm(dim=1, keepdim=True)
net = Net(64, 128, 128, 1, seed=2)
verify(
    "kernel of a 64-128-128-1 network on ten digits: loops and torch.func",
    ntk_by_torch(net, unit[:10]),
    ntk_by_loops(net, unit[:10]),
    rtol=1e-10,
)

# %% [markdown]
r"""
But we know the gradients. By [backpropagation](#eq-bp-weight) the gradient by $W^l$ is an outer product, $\delta^l(h^{l-1})^\top$, error times input. And the inner product of two outer products is a product of inner products:

$$
\langle\delta h^\top,\delta'h'^\top\rangle=\operatorname{tr}(h\delta^\top\delta'h'^\top)=(\delta^\top\delta')(h^\top h').
$$

So no gradient need ever be stored. With inputs and errors of all examples as rows of $H^{l-1}$ and $\Delta^l$,

$$
K=\sum_l\bigl(\Delta^l\Delta^{l\top}\bigr)\circ\bigl(H^{l-1}H^{l-1\top}\bigr) :
$$ (eq-ntk-layers)

a sum of products of kernels, as announced: it is a kernel by [Schur](#positive-definite-kernel).
"""


# %%
def ntk(net, X):
    """Layer by layer: Σ (ΔΔᵀ) ∘ (HHᵀ); one forward pass, one backward, no gradient."""
    weights = [W.detach() for W in net.W]
    H, on = [X], []  # inputs of every layer (n, m), slopes of every activation
    for W in weights[:-1]:
        Z = H[-1] @ W.T / math.sqrt(W.shape[1])
        on.append((Z > 0).to(Z.dtype) * net.gain)
        H.append(Z * on[-1])
    K, Delta = 0.0, torch.ones(len(X), 1, dtype=X.dtype)
    for l in range(len(weights) - 1, -1, -1):
        scale = 1 / weights[l].shape[1]  # both gradients carry a 1/√m
        K = K + scale * (Delta @ Delta.T) * (H[l] @ H[l].T)
        if l:
            Delta = Delta @ weights[l] * math.sqrt(scale) * on[l - 1]
    return K


K = ntk(net, unit)
verify(
    "kernel on 200 digits, layer by layer, against torch.func",
    K,
    ntk_by_torch(net, unit),
    rtol=1e-10,
)
verify_at_least(
    "… its smallest eigenvalue", torch.linalg.eigvalsh(K)[0], 0.0, atol=1e-10
)


def kernel_of(W, a, X, Z):
    """One hidden layer: the kernel of f(x) = Σ aⱼ(wⱼᵀx)₊/√m for rows of X and of Z."""
    P, Q = X @ W.T, Z @ W.T
    both_on = ((P > 0) * a) @ ((Q > 0) * a).T
    return (relu(P) @ relu(Q).T + (X @ Z.T) * both_on) / len(a)


W, a = rng.normal(size=(16, 2)), rng.normal(size=16)
verify(
    "a 2-16-1 network: the layer formula, against gradients by hand",
    kernel_of(W, a, X, G[::36]),
    features(W, a, X) @ features(W, a, G[::36]).T,
    atol=1e-12,
)
one_hidden = Net(2, 16, 1, gain=1.0)
with torch.no_grad():
    one_hidden.W[0].copy_(torch.tensor(W * np.sqrt(2)))
    one_hidden.W[1].copy_(torch.tensor(a)[None])
verify(
    "… and the outer weights' and inner weights' parts, by torch.func",
    ntk_by_torch(one_hidden, Xc),
    features(W, a, Xc.numpy())[:, :16] @ features(W, a, Xc.numpy())[:, :16].T
    + features(W, a, Xc.numpy())[:, 16:] @ features(W, a, Xc.numpy())[:, 16:].T / 2,
    atol=1e-10,
)

# %% [markdown]
"""
What does it cost? Width 512 and 200 examples, single precision, one thread, the quickest of several runs, layer by layer and by `torch.func`:
"""


# %%
def seconds(f, repeats):
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        f()
        best = min(best, time.perf_counter() - start)
    return best


single = Net(64, 512, 1, seed=3, dtype=torch.float32)
rows = unit.float()
layerwise = seconds(lambda: ntk(single, rows), 40)
by_torch = seconds(lambda: ntk_by_torch(single, rows), 4)
measured("width 512, 200 digits: layer by layer", layerwise, ("torch.func", by_torch))

# %% [markdown]
r"""
Now [the prediction](#eq-ntk-step): one step on one example $\xi$, with the loss $\frac12(f-y)^2$, moves the output at all the others by $\eta\,k(x,\xi)(y-f(\xi))$. And sorted by class, the kernel of an untrained network already knows something about digits: what is learned from a 0 goes mostly to other 0s.
"""

# %%
eta, label = 1e-4, 1.0
before = net(unit).detach()[:, 0]
loss = 0.5 * (net(unit[0])[0] - label) ** 2
step = torch.autograd.grad(loss, list(net.parameters()))
with torch.no_grad():
    for p, g in zip(net.parameters(), step):
        p -= eta * g
moved = net(unit).detach()[:, 0] - before
verify(
    "one step on one digit: change of all 200 outputs, over η",
    moved / eta,
    (K[:, 0] * (label - before[0])).numpy(),
    rtol=2e-3,
)
order = np.argsort(digits.y_train[:200], kind="stable")
nearest = (K.numpy() - 1e9 * np.eye(200)).argmax(1)
verify_at_least(
    "200 digits: share whose step moves another digit of its class most",
    np.mean(digits.y_train[nearest] == digits.y_train[:200]),
    0.75,
)

# %% mystnb={"image": {"alt": "The kernel matrix of 200 digits sorted by class as a heat map: ten brighter blocks along the diagonal, brightest for 0 and 6."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 4.0))
picture = ax.imshow(K.numpy()[np.ix_(order, order)], cmap="cividis", vmin=1.5)
middles = [np.mean(np.flatnonzero(digits.y_train[:200][order] == c)) for c in range(10)]
ax.set_xticks(middles, range(10))
ax.set_yticks(middles, range(10))
ax.grid(False)
ax.set(xlabel="digit $\\xi$", ylabel="digit $x$")
fig.colorbar(picture, label="$k(x,\\xi)$")
plt.show()

# %% [markdown]
r"""
(infinite-width-ntk)=
## The formula in the envelope

Two networks with different random weights have different kernels. How different? For one hidden layer, $f=\frac1{\sqrt m}\sum_ja_j(w_j^\top x)_+$, [the layer formula](#eq-ntk-layers) reads

$$
k_m(x,z)=\frac1m\sum_{j=1}^m\Bigl[(w_j^\top x)_+(w_j^\top z)_++a_j^2\,x^\top z\,\mathbb 1[w_j^\top x>0]\,\mathbb 1[w_j^\top z>0]\Bigr],
$$ (eq-ntk-mean)

a mean of independent terms. It converges to its expectation, at the rate $1/\sqrt m$. The first expectation is [the arc-cosine kernel](#eq-ntk-arccos); the second is the chance $\frac{\pi-\vartheta}{2\pi}$ that both units are on. For unit vectors at angle $\vartheta$,

$$
k_\infty=\frac{\sin\vartheta+(\pi-\vartheta)\cos\vartheta}{2\pi}+\cos\vartheta\,\frac{\pi-\vartheta}{2\pi}.
$$ (eq-ntk-limit)

No weight is left in it. This is the `envelope` of the opening.
"""


# %%
def random_kernel(X, Z, m, rng):
    """The kernel of one random network of width m, (n, n')."""
    return kernel_of(rng.normal(size=(m, X.shape[1])), rng.normal(size=m), X, Z)


rng = np.random.default_rng(15)
pair = on_circle(np.array([0.0, 1.2]))
widths_one, spread = 4 ** np.arange(3, 8), []
limit = envelope(pair[:1], pair[1:])[0, 0]
for m in widths_one:
    values = np.array(
        [random_kernel(pair[:1], pair[1:], m, rng)[0, 0] for _ in range(100)]
    )
    verify_within_se(
        f"width {m}: mean of 100 kernels at one pair, against k∞", values, limit
    )
    spread.append(values.std())
verify(
    "widths 64 to 16384: standard deviation of the kernel, log-log slope",
    np.polyfit(np.log(widths_one), np.log(spread), 1)[0],
    -0.5,
    atol=0.07,
)


# %% tags=["hide-input"]
def kernels_of_networks(width):
    rng = np.random.default_rng(16)
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    for k in range(8):
        values = random_kernel(G[::3], on_circle(np.zeros(1)), width, rng)[:, 0]
        ax.plot(
            grid[::3],
            values,
            color=plot.SKY,
            lw=1,
            label="eight random networks" if k == 0 else None,
        )
    ax.plot(
        grid,
        envelope(G, on_circle(np.zeros(1)))[:, 0],
        color=plot.RED,
        label="$k_\\infty$",
    )
    ax.set(
        xlabel="angle between $x$ and $z$",
        ylabel="kernel",
        ylim=(-0.4, 2.2),
        title=f"width {width}",
    )
    ax.legend(loc="upper left")
    return fig


explore(
    kernels_of_networks,
    alt="Kernels of eight random networks against the angle: scattered steps at small width, all on the smooth limiting curve at large width",
    width=[64, 4, 16, 256, 1024, 4096, 16384],
)

# %% [markdown]
r"""
(headline-ntk)=
### The headline: deep networks, and the rate

For more layers go through [the layer formula](#eq-ntk-layers) once more. The factor $\frac1mH^lH^{l\top}$ tends to the Gaussian-process kernel $\Sigma_l$ of [the recursion](#eq-ntk-recursion). The factor $\Delta\Delta^\top$ is multiplied, at each layer on the way back, by $\frac2m\sum_j\mathbb 1[u_j>0]\mathbb 1[v_j>0]$, which tends to

$$
\dot\Sigma_l=2\,\mathbb E\bigl[\phi'(u)\phi'(v)\bigr]=\frac{\pi-\vartheta_{l-1}}\pi .
$$

Collect what is above a layer in one factor, from the bottom up, and the sum becomes a recursion {cite:p}`jacot2018`:

$$
\Theta_1=\Sigma_1=\frac{x^\top z}d,\qquad\Theta_{l+1}=\Sigma_{l+1}+\Theta_l\,\dot\Sigma_{l+1}.
$$ (eq-ntk-theta)

Every layer hands down its own features, $\Sigma$, and what it got from below, as far as its switches agree.
"""


# %%
def ntk_limit(X, Z, hidden):
    """Σ and Θ after `hidden` ReLU layers for rows of X, Z of equal norm √d, (n, n')."""
    Sigma = X @ Z.T / X.shape[1]
    norm = np.sqrt((X**2).mean(1)[:, None] * (Z**2).mean(1))
    Theta = Sigma
    for _ in range(hidden):
        angle = np.arccos(np.clip(Sigma / norm, -1, 1))
        Sigma = norm * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
        Theta = Sigma + Theta * (np.pi - angle) / np.pi
    return Sigma, Theta


twice = ntk_limit(G[::36] * np.sqrt(2), G[::36] * np.sqrt(2), 1)[1]
verify(
    "one hidden layer: the recursion gives the formula in the envelope, times 2",
    twice,
    2 * envelope(G[::36], G[::36]),
    atol=1e-7,
)

# %% [markdown]
"""
Networks with two hidden layers of equal width, from 64 to 8192 (67 million weights), ten digits: the root mean square distance of the kernel from its limit, over several random networks for each width.
"""

# %%
ten = (
    digits.X_train[:10] / np.linalg.norm(digits.X_train[:10], axis=1, keepdims=True) * 8
)
Theta = ntk_limit(ten, ten, 2)[1]
ten32 = torch.tensor(ten, dtype=torch.float32)
widths_two, repeats = [64, 256, 1024, 4096, 8192], [200, 100, 30, 6, 3]


def deep_kernel_of(m, seed):
    """The kernel of a random 64-m-m-1 network on the ten digits, float32."""
    return ntk(Net(64, m, m, 1, seed=seed, dtype=torch.float32), ten32).numpy()


distance = []
for m, times_ in zip(widths_two, repeats):
    errors = [deep_kernel_of(m, seed) - Theta for seed in range(times_)]
    distance.append(np.sqrt(np.mean(np.square(errors))))
rate = np.polyfit(np.log(widths_two), np.log(distance), 1)[0]
headline(
    "Kernel of a two-hidden-layer network, widths 64 to 8192: distance to the "
    "analytic kernel falls as width^(−r), exponent r against theory's 1/2",
    -rate,
    0.5,
    rtol=0.1,
)
verify_at_most(
    "width 8192: distance over the size of the kernel",
    distance[-1] / np.sqrt(np.mean(Theta**2)),
    0.05,
)

# %% mystnb={"image": {"alt": "Distance between a network's kernel and the analytic kernel against width, double logarithmic: five dots on a line of slope minus one half from 64 to 8192."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3.0))
fitted = np.exp(np.mean(np.log(distance)) + 0.5 * np.mean(np.log(widths_two)))
ax.loglog(widths_two, fitted / np.sqrt(widths_two), color=plot.GREY, label="slope −1/2")
ax.loglog(widths_two, distance, "o", color=plot.RED, label="measured")
ax.set(xlabel="width", ylabel="distance to $\\Theta$")
ax.legend()
plt.show()
# %% [markdown]
r"""
(lazy-training)=
## Why the kernel stands still

A limit at the start is not enough: the weights move, and the kernel is made of them. Look at one unit. Its gradient is $\frac1{\sqrt m}a_j\,\mathbb 1[w_j^\top x>0]\,x$ times the error, so to change $f$ by an amount of order 1, $m$ units share the work and each moves by $O(m^{-1/2})$, on a scale where $w_j$ itself has size 1. In [the mean](#eq-ntk-mean) that is the kernel, every term then changes by $O(m^{-1/2})$, and the kernel with them:

:::{prf:theorem} Lazy training
:label: thm-ntk-lazy
In the limit $m\to\infty$ the kernel does not change during training, $\frac{d}{dt}k=0$; at finite width weights and kernel move by at most $O(m^{-1/2})$ {cite:p}`jacot2018,lee2019`.
:::

For the kernel this is cautious. A unit moves in proportion to its $a_j$, and $a_j$ is as often negative as positive, so the changes of the terms cancel in the mean, at first order. What remains is the noise of those units that *switch* on one of the examples: about $m\cdot m^{-1/2}$ of them, each changing the mean by $\pm\frac1m$, together $\sqrt{m^{1/2}}/m=m^{-3/4}$.

Eight points in three dimensions, widths from 64 to 16384, four starts each, trained to a small error. How far did the weights of a unit move on average, and how much did the kernel change?
"""


# %%
def movement(m, seed):
    """Mean distance moved by a unit, relative change of the kernel, final error."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(8, 3))
    X, y = X / np.linalg.norm(X, axis=1, keepdims=True), rng.normal(size=8)
    W, a = rng.normal(size=(m, 3)), rng.normal(size=m)
    W1, a1 = train(W, a, X, y, 0.3, 400, [400])[400]
    K0, K1 = kernel_of(W, a, X, X), kernel_of(W1, a1, X, X)
    return (
        np.linalg.norm(W1 - W, axis=1).mean(),
        np.linalg.norm(K1 - K0) / np.linalg.norm(K0),
        np.mean((f(W1, a1, X) - y) ** 2) / np.mean(y**2),
    )


moves = np.array([[movement(m, seed) for seed in range(4)] for m in widths_one])
displacement, change, left_over = moves.mean(1).T
slope_of = lambda v: np.polyfit(np.log(widths_one), np.log(v), 1)[0]
verify_at_most(
    "8 points, widths 64 to 16384: error left over after training, share",
    left_over,
    0.05,
)
verify(
    "mean displacement of a unit against width: log-log slope",
    slope_of(displacement),
    -0.5,
    atol=0.1,
)
verify(
    "relative change of the kernel against width: log-log slope",
    slope_of(change),
    -0.75,
    atol=0.1,
)
print(
    "relative change of the kernel:",
    dict(zip(widths_one.tolist(), change.round(3).tolist())),
)

# %% [markdown]
r"""
The kernel of a wide network is the same at the end as at the start, and that kernel is a formula.

(ntk-linear-dynamics)=
## A training curve, solved

With a kernel that stands still, [the single step](#eq-ntk-step), for all examples together, with the squared error and in small steps, is a linear differential equation for the outputs on the training points:

$$
\dot f=K\,(y-f)\quad\Longrightarrow\quad f_t=y+e^{-Kt}(f_0-y).
$$ (eq-ntk-ode)

In the eigenbasis $K=Q\Lambda Q^\top$ the error in the direction $q_i$ dies like $e^{-\lambda_it}$, each at its own rate. At a new point, $\dot f(x)=k(x,X)(y-f_t)$ integrates to

$$
f_t(x)=f_0(x)+k(x,X)\,K^{-1}\bigl(I-e^{-Kt}\bigr)(y-f_0(X)).
$$ (eq-ntk-test)

And as $t\to\infty$ only $K^{-1}$ is left: *ridgeless kernel regression* [on the residual](#eq-ntk-krr), the interpolant of least norm. (The opening took finite steps, which put $(1-\eta\lambda_i)^t$ in the place of $e^{-\lambda_i\eta t}$.) First where it is exact, a straightened network, against a numerical solver of the differential equation for its *weights*; then where it is a limit, a network of width 8192 that starts anywhere.
"""

# %%
W, a = rng.normal(size=(40, 2)), rng.normal(size=40)
Phi, Phi_new, start = features(W, a, X), features(W, a, G[::36]), f(W, a, X)


def flow(K, K_new, t, f0, f0_new, y):
    """f_t at new points: the solution by the eigenvectors of K."""
    lam, Q = np.linalg.eigh(K)
    share = -np.expm1(-lam * t) / lam
    return f0_new + K_new @ (Q * share) @ Q.T @ (y - f0)


weights_flow = integrate.solve_ivp(
    lambda t, beta: Phi.T @ (y - start - Phi @ beta),
    (0, 5),
    np.zeros(120),
    rtol=1e-10,
    atol=1e-12,
)
verify(
    "straightened network at time 5: solver in the weights, formula in the outputs",
    f(W, a, G[::36]) + Phi_new @ weights_flow.y[:, -1],
    flow(Phi @ Phi.T, Phi_new @ Phi.T, 5.0, start, f(W, a, G[::36]), y),
    atol=1e-8,
)

# %%
rng = np.random.default_rng(17)
W, a = rng.normal(size=(8192, 2)), rng.normal(size=8192)
clock = [0, 10, 20, 40, 80, 160, 320, 640, 1280, 5120]  # steps of length 0.05
history = train(W, a, X, y, 0.05, clock[-1], clock)
K, K_grid = kernel_of(W, a, X, X), envelope(G, X)
curve = np.array([f(*history[t], X) for t in clock])
solution = np.array([flow(K, K, 0.05 * t, f(W, a, X), f(W, a, X), y) for t in clock])
verify_at_most(
    "width 8192: distance of the training curve from the solution of the "
    "kernel's differential equation, over the largest |y|",
    abs(curve - solution).max() / abs(y).max(),
    0.05,
)
final = f(*history[5120], G)
ridgeless = f(W, a, G) + K_grid @ np.linalg.solve(envelope(X, X), y - f(W, a, X))
verify_at_most(
    "… its predictions at the end, against ridgeless regression with k∞",
    abs(final - ridgeless).max() / abs(y).max(),
    0.05,
)

# %% [markdown]
r"""
Drag the time. On the left the network and the solution; on the right what is left of the error in each of the eight eigen-directions, the network's as bars and the law $e^{-\lambda_it}$ as dots. Which goes first?
"""

# %% tags=["hide-input"]
lam, Q = np.linalg.eigh(K)


def over_time(time):
    t = round(time / 0.05)
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1), width_ratios=(3, 2))
    left.plot(grid, f(*history[t], G), color=plot.SKY, lw=4, label="network")
    left.plot(
        grid,
        flow(envelope(X, X), K_grid, time, f(W, a, X), f(W, a, G), y),
        "--",
        color="black",
        lw=1.2,
        label="formula",
    )
    left.plot(angles, y, "o", color=plot.RED, ms=6)
    left.set(xlabel="angle of the input", ylim=(-3.2, 3.2), title=f"time {time:g}")
    left.legend(loc="lower right")
    error, first = Q.T @ (f(*history[t], X) - y), Q.T @ (f(W, a, X) - y)
    right.bar(range(8), abs(error / first)[::-1], color=plot.SKY)
    right.plot(range(8), np.exp(-lam * time)[::-1], "o", color="black", ms=4)
    right.set(
        xlabel="eigen-direction",
        xticks=range(8),
        xticklabels=range(1, 9),
        ylim=(0, 1.05),
        title="error left",
    )
    return fig


explore(
    over_time,
    alt="Left the network's curve covered by the formula as both bend towards eight points; right eight bars of remaining error, the leftmost vanishing first, each at the height of its dot",
    time=[4.0, 0.0, 0.5, 1.0, 2.0, 8.0, 16.0, 32.0, 64.0, 256.0],
)

# %%
first = Q.T @ (curve - y).T  # (8, times)
for k in (7, 5, 3):
    some = 0.05 * np.array(clock)
    some = some[lam[k] * some < 3]  # while there is something left to learn
    kept = np.log(abs(first[k, : len(some)]))
    verify(
        f"width 8192, eigen-direction {8 - k}: rate of learning in steps of 0.05, "
        "against −log(1 − 0.05λ)/0.05",
        -np.polyfit(some, kept, 1)[0],
        -np.log(1 - 0.05 * lam[k]) / 0.05,
        rtol=0.03,
    )

# %% [markdown]
r"""
Large eigenvalues first. On the circle one can say which those are. The kernel depends on the angle between inputs only, so its eigenfunctions are waves, $\cos k\gamma$ and $\sin k\gamma$, and the eigenvalues are the Fourier coefficients of $k_\infty$. They fall with $k$: *a wide network learns slow waves before fast ones*.
"""

# %%
even = 2 * np.pi * np.arange(720) / 720
circle = envelope(on_circle(even), on_circle(even))
coefficient = np.fft.rfft(circle[0]).real / 720
wave = np.cos(np.outer(np.arange(7), even))
verify(
    "waves are eigenfunctions: kernel times wave, for k = 0 to 6",
    wave @ circle / 720,
    coefficient[:7, None] * wave,
    atol=1e-9,
)
verify_at_most(
    "eigenvalues of the waves 0, 1, 2, 4, 6, 8, 10: change from each to the next",
    np.diff(coefficient[[0, 1, 2, 4, 6, 8, 10]]),
    0.0,
)

# %% [markdown]
r"""
:::{admonition} No ridge
:class: correction
**The notes say** that training becomes identical to kernel *ridge* regression.

**Right is:** there is no ridge in $\dot f=K(y-f)$. Its limit is ridge*less* regression plus the initial function. A ridge appears if one adds a penalty $\lambda\|\theta-\theta_0\|^2$; stopping early acts similarly, but not identically.
:::
"""

# %%
with_ridge = f(W, a, G) + K_grid @ np.linalg.solve(
    envelope(X, X) + np.eye(8), y - f(W, a, X)
)
verify_at_least(
    "trained network: distance from ridge regression with λ = 1, over that "
    "from ridgeless",
    abs(final - with_ridge).max() / abs(final - ridgeless).max(),
    10.0,
)
beta, Phi = np.zeros(3 * 40), features(W[:40], a[:40], X)
for _ in range(20_000):
    beta -= 0.1 * (Phi.T @ (Phi @ beta - y) + 0.3 * beta)
verify(
    "a penalty of 0.3‖θ − θ₀‖² on a straightened network: ridge with λ = 0.3",
    Phi @ beta,
    Phi @ Phi.T @ np.linalg.solve(Phi @ Phi.T + 0.3 * np.eye(8), y),
    atol=1e-8,
)

# %% [markdown]
r"""
(feature-learning)=
## Where the picture ends

A network that this theory describes is a kernel machine whose kernel was fixed before it saw any data. It learns no features. Is that what networks do? It depends on a factor that looks innocent. Write

$$
f(x)=\frac1m\sum_{j=1}^ma_j(w_j^\top x)_+
$$ (eq-ntk-meanfield)

with $\frac1m$ instead of $\frac1{\sqrt m}$, and learning rates larger by $m$, so that $f$ still moves at speed 1. Then each unit moves by an amount of order 1, however many there are: the *mean-field* scaling {cite:p}`mei2018,chizat2019`. The same eight points, the same widths:
"""


# %%
def descend(W, a, X, y, scale, eta, steps):
    """Gradient descent on ½‖f(X) − y‖² for f(x) = scale · Σ aⱼ(wⱼᵀx)₊."""
    for _ in range(steps):
        Z = X @ W.T
        error = scale * relu(Z) @ a - y
        back = scale * error[:, None] * (Z > 0) * a
        a, W = a - eta * scale * error @ relu(Z), W - eta * back.T @ X
    return W, a


def kernel_change(m, seed, scale, eta):
    rng = np.random.default_rng(seed)
    W, a = rng.normal(size=(m, 2)), rng.normal(size=m)
    K0 = kernel_of(W, a, X, X)
    K1 = kernel_of(*descend(W, a, X, y, scale, eta, 400), X, X)
    return np.linalg.norm(K1 - K0) / np.linalg.norm(K0)


changes = {
    name: [
        np.mean(
            [
                kernel_change(m, s, m**-power, 0.1 * m ** (2 * power - 1))
                for s in range(4)
            ]
        )
        for m in widths_one
    ]
    for name, power in (("1/√m", 0.5), ("1/m", 1.0))
}
verify(
    "scale 1/√m: change of the kernel in training, log-log slope over the width",
    slope_of(changes["1/√m"]),
    -0.75,
    atol=0.1,
)
verify("scale 1/m: the same slope", slope_of(changes["1/m"]), 0.0, atol=0.1)
verify_at_least(
    "scale 1/m: relative change of the kernel, at any width", changes["1/m"], 1.0
)

# %% mystnb={"image": {"alt": "Relative change of the kernel against width for both scalings, double logarithmic: falling like one over the square root of the width for one, level for the other."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3.0))
for (name, values), colour in zip(changes.items(), (plot.BLUE, plot.RED)):
    ax.loglog(widths_one, values, "o-", color=colour, label=f"scale {name}")
ax.set(xlabel="width $m$", ylabel="relative change of kernel")
ax.legend()
plt.show()

# %% [markdown]
r"""
Does it matter? Take inputs of thirty signs, and let the label be the product of the first two. No single coordinate says anything; 28 of them are noise. A kernel that sees only angles treats all 435 pairs of coordinates alike, and 400 examples are not enough for 435 unknowns. A network that can *move* its units has to find two directions.
"""


# %%
def signs(n, rng):
    X = rng.choice([-1.0, 1.0], (n, 30))
    return X / np.sqrt(30), X[:, 0] * X[:, 1]


def pairs_of_units(m, d, rng):
    """Weights whose units cancel in pairs, so that f = 0 at first."""
    W, a = rng.normal(size=(m // 2, d)), rng.normal(size=m // 2)
    return np.r_[W, W], np.r_[a, -a]


risk, moved_units = [], {}
for seed in range(4):
    rng = np.random.default_rng(seed)
    (S, label), (S_new, label_new) = signs(400, rng), signs(1000, rng)
    W, a = pairs_of_units(256, 30, rng)
    by_kernel = envelope(S_new, S) @ np.linalg.solve(envelope(S, S), label)
    row = [np.mean((by_kernel - label_new) ** 2)]
    for power in (0.5, 1.0):
        scale = 256**-power
        moved_units[power] = descend(
            W, a, S, label, scale, 256 ** (2 * power - 1) / 100, 500
        )
        trained = scale * relu(S_new @ moved_units[power][0].T) @ moved_units[power][1]
        row.append(np.mean((trained - label_new) ** 2))
    risk.append(row)
risk = np.array(risk)
print("test error: kernel, network with 1/√m, network with 1/m:", risk.mean(0).round(3))
verify_at_least(
    "product of two signs among thirty: test error of k∞, in variances",
    risk[:, 0],
    0.25,
)
verify_at_most("… of a network with scale 1/m", risk[:, 2], 0.02)
verify_at_least("… kernel over network", risk[:, 0] / risk[:, 2], 20.0)

# %% [markdown]
"""
Where did the units go? Each dot below is a unit, at its weights for the two coordinates that matter. With one scaling they stay in the cloud in which they were born; with the other they walk out along the diagonals, to where the product of two signs is made.
"""

# %% mystnb={"image": {"alt": "Three scatter plots of the units' weights for the two relevant coordinates: a round cloud at the start, the same cloud slightly stretched under the square-root scaling, and a cross of four long arms along the diagonals under the other."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.5), sharex=True, sharey=True)
clouds = (W, moved_units[0.5][0], moved_units[1.0][0])
for ax, units, name in zip(
    axes, clouds, ("start", "scale $1/\\sqrt{m}$", "scale $1/m$")
):
    ax.plot(units[:, 0], units[:, 1], ".", ms=4, color=plot.BLUE)
    ax.set(title=name, xlabel="$w_1$", aspect="equal")
axes[0].set_ylabel("$w_2$")
plt.show()

# %%
share = lambda W: np.sum(W[:, :2] ** 2) / np.sum(W**2)
verify(
    "share of the squared weights on the two relevant of thirty inputs, at the start",
    share(W),
    2 / 30,
    atol=0.02,
)
verify_at_least("… after training with scale 1/m", share(moved_units[1.0][0]), 0.2)

# %% [markdown]
r"""
Real networks live between the two: a kernel that explains the first part of training, and features that move it on. What to remember: the width decides *how random* the kernel is, the *scale* decides whether it moves.
"""
# %% [markdown]
r"""
(ntk-practice)=
## In practice

Kernels need no library but `solve`; scikit-learn saves the bookkeeping. Any kernel, ours too, goes in as a matrix with `kernel="precomputed"`. All 1400 digits, three infinitely wide hidden layers, one number for each class:
"""

# %%
lift = lambda X: 8 * X / np.linalg.norm(X, axis=1, keepdims=True)  # rows of norm √64
train_X, test_X = lift(digits.X_train), lift(digits.X_test)
Theta = ntk_limit(train_X, train_X, 3)[1]
Theta_new = ntk_limit(test_X, train_X, 3)[1]
one_hot = np.eye(10)[digits.y_train]
model = KernelRidge(alpha=1e-3, kernel="precomputed").fit(Theta, one_hot)
scores = model.predict(Theta_new)
verify(
    "digits with Θ of three hidden layers: scikit-learn and one call of solve",
    scores,
    Theta_new @ np.linalg.solve(Theta + 1e-3 * np.eye(1400), one_hot),
    atol=1e-8,
)
right = np.mean(scores.argmax(1) == digits.y_test)
linear_X = np.c_[digits.X_train, np.ones(1400)]
linear = np.linalg.lstsq(linear_X, one_hot, rcond=None)[0]
linear_right = np.mean(
    (np.c_[digits.X_test, np.ones(len(digits.X_test))] @ linear).argmax(1)
    == digits.y_test
)
verify_at_least("digits: test accuracy of an infinitely wide network", right, 0.97)
verify_at_most(
    "digits: its errors over those of linear regression",
    (1 - right) / (1 - linear_right),
    0.5,
)

# %% [markdown]
r"""
A Gaussian process can also choose its own kernel. The chance of the data, $\mathcal N(y;0,K+\sigma^2I)$, the *marginal likelihood*, is

$$
\log p(y)=-\tfrac12y^\top(K+\sigma^2I)^{-1}y-\tfrac12\log\det(K+\sigma^2I)-\tfrac n2\log2\pi :
$$ (eq-ntk-evidence)

the first term wants a flexible kernel, the second a stiff one. scikit-learn climbs it by itself.
"""


# %%
def log_evidence(length):
    A = rbf(x_noisy[:, None], x_noisy[:, None], length) + 0.09 * np.eye(30)
    return (
        -0.5 * y_noisy @ np.linalg.solve(A, y_noisy)
        - 0.5 * np.linalg.slogdet(A)[1]
        - 15 * np.log(2 * np.pi)
    )


free = GaussianProcessRegressor(kernels.RBF(1.0, (0.1, 10)), alpha=0.09)
free.fit(x_noisy[:, None], y_noisy)
chosen = free.kernel_.length_scale
verify(
    "log marginal likelihood at the chosen length: ours and scikit-learn's",
    log_evidence(chosen),
    free.log_marginal_likelihood_value_,
    atol=1e-8,
)
ours = optimize.minimize_scalar(
    lambda t: -log_evidence(t),
    bounds=(0.1, 10),
    method="bounded",
    options={"xatol": 1e-6},
).x
verify(
    "the length with the largest marginal likelihood, ours and scikit-learn's",
    ours,
    chosen,
    rtol=1e-3,
)
print(f"chosen length: {chosen:.2f}")

# %% [markdown]
r"""
| you have | take | because |
|---|---|---|
| up to some ten thousand examples | kernel ridge, with the kernel you can justify | exact, two knobs, $O(n^3)$ |
| few examples and a need for error bars | a Gaussian process | [honest](#gaussian-process) if the kernel is |
| a question about a wide network | its kernel, [layer by layer](#eq-ntk-layers) | no training needed; the library neural-tangents {cite:p}`novak2020` does any architecture |
| data whose features must be found | a network, and [not too lazy](#feature-learning) | a fixed kernel pays for every direction |

## Beware

**Waves that nobody hears.** The formula in the envelope is blind. The Fourier coefficients of $k_\infty$ at $k=3,5,7,\dots$ are not small, they are zero: without biases, a ReLU network with one hidden layer is $f(x)=\ell(x)+g(x)$, an odd *linear* part and an even one, because $(u)_+=\frac12u+\frac12|u|$. It cannot represent $\cos3\gamma$, at any width. Biases (a second, constant input) cure it.
"""

# %%
verify(
    "eigenvalues of the waves 3, 5, 7, 9",
    coefficient[[3, 5, 7, 9]],
    np.zeros(4),
    atol=1e-6,
)
Xq = on_circle(even[::18])
W, a = rng.normal(size=(500, 2)), rng.normal(size=500)
for k, left in ((2, 0.0), (3, 1.0)):
    target = np.cos(k * even[::18])
    basis = relu(Xq @ W.T)
    rest = target - basis @ np.linalg.lstsq(basis, target, rcond=None)[0]
    verify(
        f"cos {k}γ by the best outer weights of 500 units: error left over",
        np.mean(rest**2) / np.mean(target**2),
        left,
        atol=1e-6,
    )
biased = relu(np.c_[Xq, np.ones(40)] @ rng.normal(size=(500, 3)).T)
rest = target - biased @ np.linalg.lstsq(biased, target, rcond=None)[0]
verify("cos 3γ with biases: error left over", np.mean(rest**2), 0.0, atol=1e-6)

# %% [markdown]
"""
**The scale is part of the network.** Most libraries draw weights of variance 1/fan-in and put no factor in front of the sum. It is the same function at the start, but its kernel grows with the width, and the largest stable learning rate shrinks.
"""

# %%
largest = []
for m in widths_one:
    W, a = rng.normal(size=(m, 2)), rng.normal(size=m) / np.sqrt(m)
    K = m * kernel_of(W, a, X, X)  # no factor in front of the sum
    largest.append(np.linalg.eigvalsh(K)[-1])
verify(
    "library scaling: largest eigenvalue of the kernel against width, log-log slope",
    np.polyfit(np.log(widths_one), np.log(largest), 1)[0],
    1.0,
    atol=0.05,
)
same_start = np.linalg.eigvalsh(envelope(X, X))[-1]
verify(
    "scale 1/√m: largest eigenvalue, width 16384 against the limit",
    np.linalg.eigvalsh(kernel_of(W, a * np.sqrt(m), X, X))[-1],
    same_start,
    rtol=0.05,
)

# %% [markdown]
"""
**Positive definite on paper.** Smooth kernels have eigenvalues that fall below rounding at once. A hundred points, and the Cholesky factorisation gives up; a *jitter* of 10⁻¹⁰ on the diagonal saves it, and changes the answer by nothing one can see.
"""

# %%
crowd = np.linspace(-1, 1, 100)[:, None]
K = rbf(crowd, crowd)
try:
    np.linalg.cholesky(K)
    outcome = "factorised"
except np.linalg.LinAlgError:
    outcome = "not positive definite"
verify("RBF matrix of 100 points: Cholesky says", outcome, "not positive definite")
root = np.linalg.cholesky(K + 1e-10 * np.eye(100))
verify("with jitter", root @ root.T, K, atol=1e-9)

# %% [markdown]
"""
**Error bars that are sure and wrong.** The band is honest *if the function came from the process*. Draw the functions from a rougher one, with a quarter of the length scale, and keep believing in 0.8:
"""

# %%
rng, inside = np.random.default_rng(18), []
for trial in range(1000):
    x = rng.uniform(-3, 3, (31, 1))
    truth = draws(rbf(x, x, 0.2), 1, rng)[0]
    mean, var = posterior(
        length_08, x[:30], truth[:30] + 0.3 * rng.normal(size=30), x[30:], 0.3
    )
    inside.append(abs(truth[30] - mean[0]) < 1.96 * np.sqrt(var[0, 0]))
verify_at_most(
    "wrong length scale: share of functions inside the 95 % band", np.mean(inside), 0.5
)

# %% [markdown]
"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""


# %% tags=["remove-cell"] jupyter={"source_hidden": true}
@exercise.define("ntk-features")
def _(answer):
    x = np.linspace(-2, 2, 9)
    said = np.asarray(answer(x))
    assert said.shape == (9, 3), f"expected three features a number, got {said.shape}"
    assert np.allclose(said @ said.T, (1 + np.outer(x, x)) ** 2), (
        "their inner products are not (1 + xz)²; expand the square"
    )


@exercise.define("ntk-one-look")
def _(answer):
    mean, var = answer
    k = np.exp(-0.5)
    assert abs(mean - 2 * k / 1.25) < 1e-3, (
        "the mean is k(1, 0) / (k(0, 0) + σ²) times y"
    )
    assert abs(var - (1 - k * k / 1.25)) < 1e-3, (
        "the variance: 1 minus what 0 knows of 1"
    )


@exercise.define("ntk-patience")
def _(answer):
    assert abs(answer - np.log(100) / 0.026) < 1, "e^(−λt) = 0.01"


@exercise.define("ntk-switches")
def _(answer):
    rng = np.random.default_rng(20)
    X = rng.normal(size=(5, 4))
    on = rng.normal(size=(400_000, 4)) @ X.T > 0
    truth = on.T.astype(float) @ on / 400_000
    said = np.asarray(answer(X, X))
    assert said.shape == (5, 5), "one number for each pair of rows"
    assert np.allclose(said, truth, atol=0.005), "400 000 random units say otherwise"


@exercise.define("ntk-linear")
def _(answer):
    x = torch.tensor(ten[:4])
    for layers in (1, 2, 4):
        net = Net(64, *[4000] * (layers - 1), 1, act=lambda z: z, gain=1.0, seed=1)
        parts = [
            [g for g in torch.autograd.grad(net(v)[0], list(net.parameters()))]
            for v in x
        ]
        K = np.array(
            [
                [sum((g * h).sum().item() for g, h in zip(a, b)) for b in parts]
                for a in parts
            ]
        )
        said = answer(ten[:4], ten[:4], layers)
        assert np.allclose(said, K, atol=0.15 * layers), (
            f"for {layers} layers a network of width 4000 has another kernel"
        )


@exercise.define("ntk-biases")
def _(answer):
    rng = np.random.default_rng(21)
    X = on_circle(np.array([0.0, 0.7, 2.0, 3.0]))
    W, b, a = (
        rng.normal(size=(300_000, 2)),
        rng.normal(size=300_000),
        rng.normal(size=300_000),
    )
    Z = X @ W.T + b
    on = (Z > 0) * a
    K = (relu(Z) @ relu(Z).T + (X @ X.T + 1) * (on @ on.T)) / 300_000
    assert np.allclose(answer(X, X), K, atol=0.03), (
        "a network of width 300 000 disagrees; a bias is a weight whose input is 1"
    )


@exercise.define("ntk-next")
def _(answer):
    rng = np.random.default_rng(22)
    for trial in range(5):
        x, at = rng.uniform(-3, 3, 4), np.linspace(-3, 3, 61)
        var = np.diag(posterior(rbf, x[:, None], np.zeros(4), at[:, None], 0.1)[1])
        assert np.isclose(answer(x, at), at[var.argmax()]), (
            f"after looking at {x.round(2)} another place is less known"
        )


@exercise.define("ntk-ensemble")
def _(answer):
    X, X_new = (
        on_circle(np.array([0.0, 1.0, 2.5])),
        on_circle(np.array([0.5, 2.0, -1.5])),
    )
    B = envelope(X_new, X) @ np.linalg.inv(envelope(X, X))
    both = np.r_[X_new, X]
    A = np.c_[np.eye(3), -B]
    truth = np.diag(A @ relu_covariance(both, both) @ A.T)
    said = np.asarray(answer(X, X_new))
    assert said.shape == (3,), "one variance for each new input"
    assert np.allclose(said, truth, rtol=1e-6), (
        "take the variance of f₀(x) − Θ(x, X) Θ(X, X)⁻¹ f₀(X), with f₀ ~ N(0, Σ)"
    )


# %% [markdown]
r"""
:::{exercise} Expand
:label: ex-ntk-features
Find three features $\varphi(x)\in\mathbb R^3$ of a number $x$ with $\varphi(x)^\top\varphi(z)=(1+xz)^2$.
:::
"""

# %%
three_features = ...  # a function of an array (n,) that returns (n, 3)

exercise("ntk-features").check(three_features)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$1+2xz+x^2z^2$.

```python
three_features = lambda x: np.stack([np.ones_like(x), np.sqrt(2) * x, x**2], 1)
```

</details>

:::{exercise} One look
:label: ex-ntk-one-look
A Gaussian process with kernel $e^{-(x-z)^2/2}$ is observed once: $y=2$ at $x=0$, noise variance $\frac14$. Give mean and variance of $f(1)$.
:::
"""

# %%
one_look = ...  # a pair (mean, variance)

exercise("ntk-one-look").check(one_look)

# %% [markdown]
r"""
<details><summary>Solution</summary>

[The posterior](#eq-ntk-posterior) with one number in the place of the matrix: $\mu=e^{-1/2}\cdot\frac{2}{1.25}$, $\sigma^2=1-\frac{e^{-1}}{1.25}$.

```python
one_look = (2 * np.exp(-0.5) / 1.25, 1 - np.exp(-1) / 1.25)
```

</details>

:::{exercise} Patience
:label: ex-ntk-patience
The slowest direction of the eight points in the opening has $\lambda\approx0.026$. After what time has its error fallen to one per cent?
:::
"""

# %%
patience = ...  # a time

exercise("ntk-patience").check(patience)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$e^{-\lambda t}=\frac1{100}$ gives $t=\ln100/\lambda\approx177$; the fastest direction needs about 2.

```python
patience = math.log(100) / 0.026
```

</details>

:::{exercise} Switches
:label: ex-ntk-switches
Write $\mathbb E\bigl[\mathbb 1[w^\top x>0]\,\mathbb 1[w^\top z>0]\bigr]$ for $w\sim\mathcal N(0,I)$ as a function of the rows of `X` and `Z`, of any length.
:::
"""

# %%
switches = ...  # a function of X (n, d) and Z (n', d) that returns (n, n')

exercise("ntk-switches").check(switches)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Both are on for an arc of $\pi-\vartheta$ out of $2\pi$; lengths do not matter.

```python
switches = lambda X, Z: (np.pi - angle_between(X, Z)[0]) / (2 * np.pi)
```

</details>

:::{exercise} Depth without bends
:label: ex-ntk-linear
What is the tangent kernel of an infinitely wide *linear* network of $L$ layers, $f(x)=\frac{1}{\sqrt m}W^L\cdots\frac1{\sqrt d}W^1x$, with standard normal weights?
:::
"""

# %%
linear_kernel = ...  # a function of X, Z and the number of weight matrices

exercise("ntk-linear").check(linear_kernel)

# %% [markdown]
r"""
<details><summary>Solution</summary>

In [the recursion](#eq-ntk-theta) $\Sigma$ stays $x^\top z/d$ and $\dot\Sigma=1$, so each layer adds one $\Sigma$: $\Theta_L=L\,x^\top z/d$. Depth makes it faster, not richer.

```python
linear_kernel = lambda X, Z, layers: layers * X @ Z.T / X.shape[1]
```

</details>

:::{exercise} Biases
:label: ex-ntk-biases
Write $k_\infty$ for a network with inner biases, $f(x)=\frac1{\sqrt m}\sum_ja_j(w_j^\top x+b_j)_+$ with $b_j\sim\mathcal N(0,1)$ trained too. (The inputs have length 1.)
:::
"""

# %%
with_biases = ...  # a function of X (n, d) and Z (n', d)

exercise("ntk-biases").check(with_biases)

# %% [markdown]
r"""
<details><summary>Solution</summary>

It is the same network with inputs $(x,1)$, which are longer than 1: [the first term](#eq-ntk-arccos) is made for any length, the second is $x^\top z+1$ times the chance that both are on.

```python
def with_biases(X, Z):
    X, Z = np.c_[X, np.ones(len(X))], np.c_[Z, np.ones(len(Z))]
    angle, _ = angle_between(X, Z)
    return relu_covariance(X, Z) + X @ Z.T * (np.pi - angle) / (2 * np.pi)
```

</details>

:::{exercise} Where to look next
:label: ex-ntk-next
A Gaussian process (RBF kernel of length 1, noise 0.1) was observed at `x`. Where on the grid `at` is it least known? No `y` is given.
:::
"""

# %%
look_next = ...  # a function of x (n,) and at (k,) that returns one number of at

exercise("ntk-next").check(look_next)

# %% [markdown]
r"""
<details><summary>Solution</summary>

[The variance](#eq-ntk-posterior) does not depend on $y$, so any will do.

```python
def look_next(x, at):
    cov = posterior(rbf, x[:, None], np.zeros(len(x)), at[:, None], 0.1)[1]
    return at[np.diag(cov).argmax()]
```

</details>

:::{exercise} Project: a crowd of networks
:label: ex-ntk-ensemble
Train many wide one-hidden-layer networks to the end, each from its own random start. By [the solution](#eq-ntk-test) with $t\to\infty$ they agree on the training points. How much do they differ elsewhere? Give the variance over the starts at new inputs (unit vectors), in the limit of infinite width. Then compare with the posterior variance of the Gaussian process with kernel $\Sigma$: are they the same?
:::
"""

# %%
ensemble_variance = ...  # a function of X (n, d) and X_new (k, d) that returns (k,)

exercise("ntk-ensemble").check(ensemble_variance)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The end is $f_0(x)-B f_0(X)+By$ with $B=\Theta(x,X)\Theta(X,X)^{-1}$, and $f_0\sim\mathcal N(0,\Sigma)$, so the variance is that of $f_0(x)-Bf_0(X)$. It is *not* a posterior variance: gradient descent weighs by $\Theta$, Bayes by $\Sigma$. Only if the outer weights alone are trained is $\Theta=\Sigma$, and then both agree.

```python
def ensemble_variance(X, X_new):
    B = envelope(X_new, X) @ np.linalg.inv(envelope(X, X))
    S = relu_covariance
    return np.diag(S(X_new, X_new) - 2 * B @ S(X, X_new) + B @ S(X, X) @ B.T)
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| kernel | $c^\top Kc\ge0$; sums and products of kernels are kernels | [definition](#positive-definite-kernel) |
| kernel ridge | $\hat f(x)=k(x,X)(K+\lambda I)^{-1}y$ | [without features](#eq-ntk-krr) |
| Gaussian process | $\mu_*=k_*^\top(K+\sigma^2I)^{-1}y$, $\sigma_*^2=k_{**}-k_*^\top(K+\sigma^2I)^{-1}k_*$ | [posterior](#eq-ntk-posterior) |
| wide network, untrained | Gaussian process with $\Sigma_{l+1}=2\,\mathbb E[\phi(u)\phi(v)]$ | [recursion](#eq-ntk-recursion) |
| tangent kernel | $\langle\nabla_\theta f(x),\nabla_\theta f(z)\rangle=\sum_l(\Delta^l\Delta^{l\top})\circ(H^{l-1}H^{l-1\top})$ | [layer by layer](#eq-ntk-layers) |
| its limit | $\Theta_{l+1}=\Sigma_{l+1}+\Theta_l\dot\Sigma_{l+1}$, reached like $m^{-1/2}$ | [recursion](#eq-ntk-theta), [headline](#headline-ntk) |
| training | $f_t=y+e^{-Kt}(f_0-y)$, then ridgeless regression | [solved](#eq-ntk-ode) |
| where it ends | scale $1/\sqrt m$: lazy; scale $1/m$: features move | [the other scaling](#feature-learning) |

**Further reading.** {cite:t}`rasmussen2006` for Gaussian processes and {cite:t}`scholkopf2002` for kernels. The limit before training is in {cite:t}`neal1996` and {cite:t}`lee2018`, the kernel in {cite:t}`jacot2018`, its dynamics in {cite:t}`lee2019`; {cite:t}`chizat2019` say when it is lazy, {cite:t}`mei2018` what happens when it is not.
"""
