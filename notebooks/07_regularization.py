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
(regularization-chapter)=
# Regularization

A machine is on for half of every day and off for the other half. Somebody measures it twenty times a day, with noise. We fit waves to the twenty numbers: eleven waves miss some of them, but tell the truth tolerably. Twenty waves hit every number exactly, and between the numbers they are absurd. Many a statistics course ends the story here. Go on, to a thousand waves, fifty for every measurement. What do you expect?
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
import copy
import itertools
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from scipy import linalg, optimize, special, stats
from sklearn import ensemble, linear_model, neighbors, semi_supervised, svm, tree
from torch import nn

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
torch.set_num_threads(1)
_ = torch.manual_seed(0)


# %% tags=["remove-cell"]
@exercise.define("rg-end-point")
def _(answer):
    assert np.shape(answer) == (2,), "a point of the plane is a pair"
    theta = torch.tensor([3.0, 0.0], dtype=torch.float64, requires_grad=True)
    adam, a = torch.optim.Adam([theta], lr=0.01), torch.tensor([1.0, 2.0]).double()
    for _ in range(2000):
        theta.grad = a * (a @ theta.detach() - 5)
        adam.step()
    assert np.allclose(answer, theta.detach(), atol=1e-3), (
        f"is {np.asarray(answer) @ [1, 2]:.3f} = 5, and which way does Adam go?"
    )


@exercise.define("rg-keep-ninety")
def _(answer):
    H = np.diag([2.0, 7.0])
    left = np.linalg.solve(H + answer * np.eye(2), H @ [1.0, 1.0])[0]
    assert abs(left - 0.9) < 1e-9, f"of the direction with curvature 2 stays {left:.3f}"


@exercise.define("rg-stop-time")
def _(answer):
    for h, eta, lam in ((0.5, 0.1, 0.2), (2.0, 0.05, 1.0), (0.01, 0.3, 0.4)):
        t = answer(h, eta, lam)
        assert abs(1 - (1 - eta * h) ** t - h / (h + lam)) < 1e-9, (
            f"after your {t:.3g} steps the two filters differ"
        )


@exercise.define("rg-elastic")
def _(answer):
    for v, a, b in ((1.5, 0.4, 0.5), (-2.0, 0.3, 1.0), (0.2, 0.5, 0.1)):
        w = np.linspace(-3, 3, 600_001)
        best = w[(0.5 * (w - v) ** 2 + a * abs(w) + 0.5 * b * w**2).argmin()]
        assert abs(answer(v, a, b) - best) < 2e-5, (
            f"at v = {v}, a = {a}, b = {b} a search finds {best:.4f}"
        )


@exercise.define("rg-shake")
def _(answer):
    rng, s = np.random.default_rng(3), np.array([0.2, 0.5, 1.0])
    X, y = rng.normal(size=(12, 3)), rng.normal(size=12)
    noisy_X = np.tile(X, (5000, 1)) + s * rng.normal(size=(60_000, 3))
    found = np.linalg.lstsq(noisy_X, np.tile(y, 5000))[0]
    assert np.shape(answer(X, y, s)) == (3,), "one coefficient for each column"
    assert np.allclose(answer(X, y, s), found, atol=0.01), (
        f"5,000 noisy copies of twelve rows give {found.round(2)}"
    )


@exercise.define("rg-committee")
def _(answer):
    together = np.ones(10) @ ((1 - answer) * np.eye(10) + answer) @ np.ones(10) / 100
    assert abs(together - 0.37) < 0.005, f"then they keep {together:.2f} of it"
    return True


@exercise.define("rg-masks")
def _(answer):
    rng = np.random.default_rng(1)
    for q in (0.5, 0.8):
        h, v = rng.normal(size=(2, 6))
        m = rng.uniform(size=(200_000, 6)) < q
        samples = np.maximum((m * h) @ v, 0)
        assert abs(answer(h, v, q) - samples.mean()) < 5 * samples.std() / 447, (
            f"200 000 sampled masks at q = {q} give {samples.mean():.3f}"
        )


@exercise.define("rg-longer")
def _(answer):
    f = lambda w: math.sin(3 * math.atan2(w[1], w[0]))  # depends on the direction only

    def moved(w, eta):
        g = np.array([(f(w + e) - f(w - e)) / 2e-6 for e in 1e-6 * np.eye(2)])
        return math.atan2(*(w - eta * g)[::-1])

    w = np.array([0.6, 0.8])
    assert abs(moved(3 * w, answer) - moved(w, 0.01)) < 1e-6, (
        "with your rate the longer vector turns by another angle"
    )


@exercise.define("rg-heavy")
def _(answer):
    assert answer == int(answer) and answer < 60, "a whole number below 60"
    k = 60 - int(answer) + 1  # degrees of freedom of the chi-square below the fraction
    assert k > 4, "there the variance is still infinite"
    assert k - 1 <= 4, "it is finite for a larger P too"


@exercise.define("rg-half-dof")
def _(answer):
    sigma = np.array([9.0, 5.0, 2.0, 1.0, 0.5, 0.1])
    X = np.diag(sigma)
    hat = X @ np.linalg.solve(X.T @ X + answer * np.eye(6), X.T)
    assert abs(np.trace(hat) - 3) < 1e-6, (
        f"your λ leaves {np.trace(hat):.3f} degrees of freedom"
    )


@exercise.define("rg-layer-norm")
def _(answer):
    torch.manual_seed(0)
    x = torch.randn(4, 7, dtype=torch.float64, requires_grad=True)
    grad = torch.randn(4, 7, dtype=torch.float64)
    (theirs,) = torch.autograd.grad(F.layer_norm(x, (7,)), x, grad)
    ours = answer(x.detach().numpy(), grad.numpy())
    assert np.shape(ours) == (4, 7), "the gradient has the shape of x"
    assert np.allclose(ours, theirs, atol=1e-8), "autograd finds another gradient"


@exercise.define("rg-limit-point")
def _(answer):
    rng = np.random.default_rng(2)
    X, y, start = rng.normal(size=(4, 9)), rng.normal(size=4), rng.normal(size=9)
    walked, eta, lam = start, 0.02, 0.1
    for _ in range(40):
        walked = (1 - eta * lam) * walked - eta * X.T @ (X @ walked - y)
    assert np.allclose(answer(X, y, start, eta, lam, 40), walked, atol=1e-8), (
        "forty decayed steps, one by one, end elsewhere"
    )


# %% tags=["set-up"]
def switch(x):
    return np.where(x % 1 < 0.5, 1.0, -1.0)


def waves(x, P, fade=1):
    """P waves (n, P): a constant, then cosine and sine of k = 1, 2, … turns over k."""
    k = (np.arange(P) + 1) // 2
    quarter = np.where(np.arange(P) % 2, 0, np.pi / 2) * (k > 0)
    return np.cos(2 * np.pi * np.outer(x, k) - quarter) / np.maximum(k, 1.0) ** fade


def measure(seed, n=20, noise=0.2):  # setting
    """One measurement at a random moment in every n-th of the day."""
    rng = np.random.default_rng(seed)
    x = (np.arange(n) + rng.uniform(size=n)) / n
    return x, switch(x) + noise * rng.normal(size=n)


def shortest(X, y):
    """Least squares; among several solutions the one of smallest norm."""
    if len(X) < X.shape[1]:
        return X.T @ np.linalg.solve(X @ X.T, y)
    return np.linalg.lstsq(X, y)[0]


day = (np.arange(400) + 0.5) / 400


def ruler(x, y):
    """The points joined by straight lines, round the clock."""
    return np.interp(day, x, y, period=1)


def off(fit):
    return np.mean((fit - switch(day)) ** 2)


day_waves = {fade: waves(day, 1000, fade) for fade in (0, 1)}
x20, y20 = measure(25)


def true_error(theta, fade=1):
    """Mean squared distance from the truth, over the day."""
    return off(day_waves[fade][:, : len(theta)] @ theta)


# %% tags=["picture"] mystnb={"image": {"alt": "Twenty noisy measurements of a square wave and four fits. Eleven waves swing past some points, twenty waves pass through all and shoot far out of the picture in between, a thousand waves pass through all and stay close to the truth, and look just like the last fit, straight lines from point to point. The titles give the median errors over 200 days."}}
opening = {
    P: np.array(
        [true_error(shortest(waves(x, P), y)) for x, y in map(measure, range(200))]
    )
    for P in (11, 20, 1000)
}
ruled = np.array([off(ruler(*measure(seed))) for seed in range(200)])
drawn = [
    (f"{P} waves", day_waves[1][:, :P] @ shortest(waves(x20, P), y20), opening[P])
    for P in opening
]
fig, axes = plt.subplots(1, 4, figsize=(6.8, 2.4), sharey=True)
for ax, (name, fit, wrong) in zip(axes, [*drawn, ("ruler", ruler(x20, y20), ruled)]):
    ax.plot(day, switch(day), ":", color=plot.GREY)
    ax.plot(day, fit, color=plot.RED, lw=1.3)
    ax.plot(x20, y20, "k.", ms=4)
    ax.set(ylim=(-3, 3), xlabel="time of day")
    ax.set_title(f"{name}\nerror {np.median(wrong):.3f}", fontsize=10)
plt.show()

# %% tags=["checks"]
verify_at_least(
    "20 waves, 20 points: median error over that of 11 waves",
    np.median(opening[20]) / np.median(opening[11]),
    5,
)
difference = np.log(opening[1000] / opening[11])
verify_at_most(
    "1000 waves against 11, the same 200 days: mean log ratio of the errors, plus four standard errors",
    difference.mean() + 4 * difference.std(ddof=1) / math.sqrt(200),
    0,
)
verify(
    "1000 waves against the ruler, the same 200 days: mean error",
    opening[1000].mean(),
    ruled.mean(),
    atol=ruled.std(ddof=1) / math.sqrt(200),
)
verify(
    "1000 waves: the curve at the twenty moments, noise included",
    waves(x20, 1000) @ shortest(waves(x20, 1000), y20),
    y20,
    atol=1e-9,
)

# %% [markdown]
r"""
The panels show one day, the titles the median error over two hundred. Eleven is the best number of waves below twenty, and still the thousand waves, which fit all the noise, come closer to the truth. The last panel is the baseline, the dots joined with a ruler, and just as good: of all curves through the dots the thousand waves have found nearly this one, although nothing in the code says so. The data leave them 980 degrees of freedom; *what decides?* Restraints that one builds, and those that one gets unasked. You will be able to

- **say** which of all perfect fits an algorithm picks, and change its mind,
- **predict** what weight decay, stopping early, noise and dropout do to each direction of parameter space,
- **build** dropout and batch normalisation, equal to PyTorch's, and say what weight decay means behind a normalised layer,
- **derive** the curve of double descent, and find it in a simulation,
- **compare** regularisers fairly, and know when there is nothing to choose.

It builds on [ridge regression](#ridge-regression), [the singular value decomposition](#singular-value-decomposition), [gradient descent](#gradient-descent) and [backpropagation](#backpropagation). Reading takes an hour and a half.

(regularization)=
**The word.** A learning algorithm sees the training error and is judged by the error on new data. Any change of the algorithm that is meant to lower the second, even if it raises the first, is called *regularisation* {cite:p}`goodfellow2016`. It need not be a formula: a representation, a moment to stop, noise on the inputs qualify.

## Which of all solutions?

A network with more weights than examples can fit them in many ways. Which way it takes is decided by nobody's formula, yet it is decided. Take one equation for two unknowns, $\theta_1+2\theta_2=5$. Its solutions form a line. Start gradient descent on $\frac12(\theta_1+2\theta_2-5)^2$ at zero: the gradient is $(\theta_1+2\theta_2-5)\,(1,2)$, always along $(1,2)$, so one can only end at $(1,2)$, the solution nearest to zero. Start at $(3,0)$, and the way is $(3+s,2s)$; it ends at $(3.4,0.8)$.

(free-parameters)=
In general $n$ equations $X\theta=y$ for $P$ unknowns have as solutions an [affine space](#homogeneous-solution-space) of dimension $P-\operatorname{rank}X$. Along those directions the data say nothing: they are *free parameters*. Two solutions may fit equally well and predict the opposite.

Gradient descent on $\frac12\|X\theta-y\|^2$ moves by

$$
\theta_{t+1}-\theta_t=-\eta X^\top(X\theta_t-y).
$$

Whatever the bracket is, the move combines the rows of $X$. The part of $\theta$ orthogonal to all rows never moves. With the projection $X^+X$ on the row space ($X^+$ is the [pseudoinverse](#moore-penrose-pseudoinverse)) that part is $(I-X^+X)\theta_0$, for ever; and inside the row space there is exactly one solution, $X^+y$.

:::{prf:theorem} Implicit bias of gradient descent
:label: thm-rg-implicit
If $X$ has independent rows and $0<\eta<2/\sigma_{\max}^2$, gradient descent on $\frac12\|X\theta-y\|^2$ converges to

$$
\theta_\infty=X^+y+(I-X^+X)\,\theta_0,
$$ (eq-rg-implicit)

the solution nearest to the start. From $\theta_0=0$ it is the solution of smallest norm.
:::

Inside the row space the error along the $i$-th singular direction shrinks by $\lvert1-\eta\sigma_i^2\rvert<1$ a step. The limit is the nearest: any other solution differs from it by a vector of the null space, while $\theta_\infty-\theta_0$ lies in the row space: by Pythagoras the distance can only grow.
"""


# %%
def limit(X, y, start):
    inverse = np.linalg.pinv(X)  # (P, n)
    return inverse @ y + start - inverse @ (X @ start)


# %% tags=["checks"]
rng = np.random.default_rng(0)
X, y, start = rng.normal(size=(10, 30)), rng.normal(size=10), rng.normal(size=30)
walked = [start, np.zeros(30)]
eta = 1 / np.linalg.norm(X, 2) ** 2
for _ in range(4000):
    walked = [w - eta * X.T @ (X @ w - y) for w in walked]
verify(
    "10 equations, 30 unknowns: 4,000 steps of gradient descent from two starts",
    walked,
    [limit(X, y, start), linalg.lstsq(X, y)[0]],
    atol=1e-9,
)
nearest = optimize.minimize(
    lambda w: ((w - start) ** 2).sum(),
    start,
    jac=lambda w: 2 * (w - start),
    method="SLSQP",
    tol=1e-14,
    constraints={"type": "eq", "fun": lambda w: X @ w - y, "jac": lambda w: X},
).x
verify(
    "the solution nearest to the start, found by SLSQP",
    limit(X, y, start),
    nearest,
    atol=1e-6,
)
tiny_ridge = linear_model.Ridge(alpha=1e-9, fit_intercept=False, solver="cholesky")
verify(
    "a vanishing ridge term picks the shortest solution too",
    tiny_ridge.fit(X, y).coef_,
    limit(X, y, np.zeros(30)),
    atol=1e-7,
)

# %% [markdown]
r"""
**The answer to the puzzle.** The thousand waves were fitted by the *shortest* solution, which is what gradient descent from zero finds. Is it the shortness that matters? Move the start away from zero; every curve passes through all twenty points.
"""

# %% tags=["picture"]
far_start = np.random.default_rng(1).normal(size=1000)


def from_start(size):
    fig, ax = plt.subplots(figsize=(6.8, 2.9))
    theta = limit(waves(x20, 1000), y20, size * far_start)
    ax.plot(day, switch(day), ":", color=plot.GREY)
    ax.plot(day, waves(day, 1000) @ theta, color=plot.RED, lw=1.3)
    ax.plot(x20, y20, "k.", ms=6)
    ax.set(
        ylim=(-3, 3),
        xlabel="time of day",
        title=f"start of size {size}: length {np.linalg.norm(theta):.1f}, error {true_error(theta):.2f}",
    )
    return fig


explore(
    from_start,
    alt="A thousand waves fitted to twenty points by gradient descent from a random start: from zero the curve stays close to the square wave, the larger the start, the wilder it swings between the points it still hits",
    size=[0, 0.5, 1, 2],
)

# %% [markdown]
r"""
Model class and training error are the same in all frames. But "short" is measured in the coefficients of *these* waves, and the $k$-th wave was divided by $k$: a fast wave is weak, so using it costs length. To differentiate wave $k$ is to multiply it by $2\pi k$, so for all waves together

$$
\|\theta\|^2=\Bigl(\int_0^1f\Bigr)^2+\frac1{2\pi^2}\int_0^1f'(x)^2\,dx :
$$ (eq-rg-steepness)

short means *flat*, and the flattest way from dot to dot is a straight line, the ruler of the opening. To divide by $k$ is a decision, too: with the same thousand waves, all equally strong, the shortest fit is another curve.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Two fits with a thousand waves through the same twenty points. With faded waves the shortest fit follows the square wave; with equally strong waves it is zero except for a needle at every point."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.6), sharey=True)
for ax, fade in zip(axes, (1, 0)):
    theta = shortest(waves(x20, 1000, fade), y20)
    ax.plot(day, switch(day), ":", color=plot.GREY)
    fine_day = np.sort(np.r_[np.linspace(0, 1, 2000), x20])
    ax.plot(fine_day, waves(fine_day, 1000, fade) @ theta, color=plot.RED, lw=1)
    ax.plot(x20, y20, "k.", ms=5)
    ax.set(ylim=(-1.8, 1.8), xlabel="time of day")
    ax.set_title("wave k divided by k" if fade else "all waves equally strong")
plt.show()

# %% tags=["set-up"]
decided = {}
for name, size, fade in (
    ("shortest, waves over k", 0, 1),
    ("start of size 1", 1, 1),
    ("shortest, equal waves", 0, 0),
):
    decided[name] = [
        true_error(limit(waves(x, 300, fade), y, size * far_start[:300]), fade)
        for x, y in map(measure, range(100))
    ]
print("300 waves through all points: median error over 100 days")
for name, wrong in decided.items():
    print(f"{name:24}{np.median(wrong):6.3f}")
print(f"{'ruler':24}{np.median(ruled[:100]):6.3f}")
print(f"{'predicting zero':24}{off(0):6.3f}")

# %% [markdown]
r"""
A start of size 1 nearly triples the error. With equal waves the shortest fit is hardly better than predicting zero: a needle for every measurement. So the largest model wins not *because* it is large, but because its length, in features whose strength fades, measures steepness; and it does no better than a ruler. **The algorithm chooses by a length, and the features say what is long**.
"""

# %% tags=["checks"]
verify_at_least(
    "median error over that of the shortest fit: start of size 1, equal waves",
    [
        np.median(wrong) / np.median(decided["shortest, waves over k"])
        for wrong in list(decided.values())[1:]
    ],
    2.5,
)
x, y = np.r_[x20, x20[0] + 1], np.r_[y20, y20[0]]  # once round
area = np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)
verify(
    "length of the shortest fit with 1000 waves, squared, against the ruler's area and slopes",
    np.sum(shortest(waves(x20, 1000), y20) ** 2),
    area**2 + np.sum(np.diff(y) ** 2 / np.diff(x)) / (2 * np.pi**2),
    rtol=0.01,
)

# %% [markdown]
r"""
**Try it.** Give $\frac12(\theta_1+2\theta_2-5)^2$ and the start $(3,0)$ to [Adam](#adam), which divides each coordinate of the gradient by its recent size. Predict where it ends.
"""

# %% tags=["yours"]
end_point = ...  # a pair

exercise("rg-end-point").check(end_point)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The second coordinate's gradient is always twice the first's; divided by its size it is the same. So Adam goes along $(1,1)$: $(3+s,s)$ with $3+s+2s=5$. Another algorithm, another solution.

```python
end_point = (11 / 3, 2 / 3)
```

</details>
"""

# %% [markdown]
r"""
(ridge-filter)=
## Pay for length

If length decides, make it a price that one can set. That is weight decay, the regulariser in nearly every training script.

(regularization-penalty)=
A *penalty* adds to the data's loss a soft constraint $R$,

$$
\min_\theta\;\ell(\theta)+\lambda R(\theta),\qquad\lambda\ge0 .
$$ (eq-rg-penalty)

At $\lambda=0$ only the data count; as $\lambda\to\infty$ they are ignored and $\theta$ goes to the minimiser of $R$, for a norm to zero. $\lambda$ cannot be learnt from the training error, which always votes for $\lambda=0$.

(weight-decay)=
With $R=\frac12\|\theta\|^2$ the penalty's gradient is $\lambda\theta$, and a gradient step becomes

$$
\theta\leftarrow\theta-\eta\,(\nabla\ell+\lambda\theta)=(1-\eta\lambda)\,\theta-\eta\nabla\ell .
$$ (eq-rg-decay)

Before the data have their say, every weight *decays* by the factor $1-\eta\lambda$. Each layer may have its own $\lambda$; biases usually have none. (Without the $\frac12$ the decay is twice as fast.) For [Adam](#adam) penalty and decay [differ](#rg-beware); *AdamW* {cite:p}`loshchilov2019` decays the weights themselves.

(weight-decay-hessian-analysis)=
**Which directions decay?** Near a minimum $\theta^*$ the loss is [its second-order model](#second-order-taylor-model) $\frac12(\theta-\theta^*)^\top H(\theta-\theta^*)$ plus a constant. Take $H=\begin{pmatrix}9&0\\0&1\end{pmatrix}$, $\theta^*=(1,1)$ and $\lambda=1$. Along the first axis $\frac92(\theta_1-1)^2+\frac12\theta_1^2$ is least at $\frac9{10}$; along the second $\frac12(\theta_2-1)^2+\frac12\theta_2^2$ at $\frac12$. The steep direction keeps nine tenths, the flat one half. In general, setting the gradient to zero gives

$$
H(\theta-\theta^*)+\lambda\theta=0\quad\Longrightarrow\quad\theta_\lambda=(H+\lambda I)^{-1}H\,\theta^*,
$$

and in the eigenbasis of $H$, with curvatures $h_i$ and eigenvectors $q_i$,

$$
q_i^\top\theta_\lambda=\frac{h_i}{h_i+\lambda}\;q_i^\top\theta^* .
$$ (eq-rg-hessian)

Weight decay is a *filter*. Where the data speak clearly, $h_i\gg\lambda$, it changes nothing; where they hardly care, $h_i\ll\lambda$, it decides: zero.

(effective-degrees-of-freedom)=
**How many parameters are really used?** The sum of the factors counts them. Ridge predicts $\hat y=X(X^\top X+\lambda I)^{-1}X^\top y$, a linear map of $y$ whose trace, with the singular values $\sigma_i$ of $X$ ($h_i=\sigma_i^2$), is

$$
\operatorname{df}(\lambda)=\operatorname{tr}X(X^\top X+\lambda I)^{-1}X^\top=\sum_i\frac{\sigma_i^2}{\sigma_i^2+\lambda}=\sum_i\frac{\partial\hat y_i}{\partial y_i},
$$ (eq-rg-dof)

the *effective degrees of freedom*: $\frac9{10}+\frac12=1.4$ in the example. The last form says what they mean: how much the fit follows each measurement.
"""


# %%
def ridge(X, y, lam):
    U, sigma, Vt = np.linalg.svd(X, full_matrices=False)
    return Vt.T @ (sigma / (sigma**2 + lam) * (U.T @ y))


def degrees_of_freedom(X, lam):
    sigma = np.linalg.svd(X, compute_uv=False)
    return np.sum(sigma**2 / (sigma**2 + lam))


# %% tags=["set-up"]
patients = data.diabetes()
H_patients = patients.X_train.T @ patients.X_train / 342
b_patients = patients.X_train.T @ patients.y_train / 342
curvatures, Q = np.linalg.eigh(H_patients)
theta_star = np.linalg.solve(H_patients, b_patients)

# %% tags=["checks"]
A300, three = waves(x20, 300), (1e-3, 0.1, 10.0)
library = [
    linear_model.Ridge(alpha=lam, fit_intercept=False, solver="cholesky")
    for lam in three
]
verify(
    "300 waves, three penalties: coefficients, against scikit-learn",
    [ridge(A300, y20, lam) for lam in three],
    [model.fit(A300, y20).coef_ for model in library],
    atol=1e-8,
)
verify(
    "… degrees of freedom: push each measurement by one and see how far its fit follows",
    [degrees_of_freedom(A300, lam) for lam in three],
    [np.trace(A300 @ model.fit(A300, np.eye(20)).coef_.T) for model in library],
    rtol=1e-6,
)
tuned = [
    optimize.minimize(
        lambda w: 0.5 * w @ H_patients @ w - b_patients @ w + 0.5 * lam * w @ w,
        np.zeros(10),
        jac=lambda w: H_patients @ w - b_patients + lam * w,
        options={"gtol": 1e-10},
    ).x
    for lam in three
]
verify(
    "diabetes, ten directions: shares that are left, against a general optimiser",
    [curvatures / (curvatures + lam) * (Q.T @ theta_star) for lam in three],
    [Q.T @ w for w in tuned],
    atol=1e-7,
)
w = torch.zeros(10, dtype=torch.float64, requires_grad=True)
sgd, by_hand = torch.optim.SGD([w], lr=0.1, weight_decay=0.3), np.zeros(10)
for _ in range(50):
    w.grad = torch.tensor(H_patients) @ w.detach() - torch.tensor(b_patients)
    sgd.step()
    by_hand = (1 - 0.1 * 0.3) * by_hand - 0.1 * (H_patients @ by_hand - b_patients)
verify("fifty decayed steps, against torch.optim.SGD", by_hand, w, atol=1e-12)
Xp, yp = patients.X_train, patients.y_train
fit_ridge = lambda lam, k=1: (
    linear_model.Ridge(alpha=lam, fit_intercept=False)
    .fit(np.tile(Xp, (k, 1)), np.tile(yp, k))
    .coef_
)
verify(
    "scikit-learn's ridge: λ = 30 on twice the data, and λ = 34.2 on 342 patients",
    [fit_ridge(30, 2), fit_ridge(34.2)],
    [fit_ridge(15), np.linalg.solve(H_patients + 0.1 * np.eye(10), b_patients)],
    atol=1e-9,
)
metres = np.random.default_rng(27).normal(size=200)
energy = metres @ metres
kept = [
    linear_model.Ridge(alpha=200, fit_intercept=False)
    .fit(unit * metres[:, None], metres)
    .coef_[0]
    * unit
    for unit in (1, 1000)
]
verify(
    "the same ridge term in metres and millimetres: share of the slope that is left",
    kept,
    [energy / (energy + 200), energy / (energy + 200 / 1e6)],
    rtol=1e-9,
)

# %% [markdown]
r"""
**A common slip**: to take $\lambda=0.1$ for $\lambda=0.1$. If the data's loss is a *sum*, as in scikit-learn's `Ridge`, twice the data halve the effect of the same $\lambda$; if it is a *mean*, as in every network here, they do not change it: $\lambda_{\text{sum}}=n\lambda_{\text{mean}}$. Units count as well: the same quantity is charged a million times more in metres than in millimetres.

Back to twenty measurements and all 1000 waves. Follow the degrees of freedom, the training error and the error against the truth while $\lambda$ grows (mean of 100 days; the band holds the middle 80 %).
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Against lambda on a logarithmic axis: degrees of freedom fall from 20 to about 1; the training error rises from zero; the true error is flat up to lambda near a tenth and rises to one."}}
penalties = 10.0 ** np.arange(-5, 3.1, 0.5)
by_penalty = []
for x, y in map(measure, range(100)):
    A = waves(x, 1000)
    lam, U = np.linalg.eigh(A @ A.T)
    c = U.T @ y
    solved = U @ (c / (lam + penalties[:, None])).T  # (n, penalties)
    fits = day_waves[1] @ (A.T @ solved)
    by_penalty.append(
        [
            (lam / (lam + penalties[:, None])).sum(1),
            np.mean((penalties * solved) ** 2, 0),
            np.mean((fits - switch(day)[:, None]) ** 2, 0),
        ]
    )
by_penalty = np.array(by_penalty)  # (days, 3, penalties)
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.9))
left.semilogx(penalties, by_penalty[:, 0].mean(0), color=plot.PURPLE)
left.set(xlabel=r"$\lambda$", title="degrees of freedom", ylim=(0, 20.5))
for k, colour, name in ((1, plot.BLUE, "training"), (2, plot.RED, "against the truth")):
    right.loglog(penalties, by_penalty[:, k].mean(0), color=colour, label=name)
    low, high = np.quantile(by_penalty[:, k], (0.1, 0.9), axis=0)
    right.fill_between(penalties, low, high, color=colour, alpha=0.2, lw=0)
right.set(xlabel=r"$\lambda$", title="mean squared error", ylim=(1e-4, 2))
right.legend(fontsize=9)
plt.show()

# %% tags=["checks"]
mean_risk = by_penalty[:, 2].mean(0)
verify_at_least(
    "1000 waves: error at the best λ of the grid over that at the smallest",
    mean_risk.min() / mean_risk[0],
    0.95,
)

# %% [markdown]
r"""
Up to $\lambda\approx0.1$ the red curve is flat: the best $\lambda$ gains two per cent on the smallest.

(leave-one-out)=
**Choosing $\lambda$ without the truth.** Leave out one measurement, fit the others, predict the one, and do that for all twenty: an honest error. For ridge it costs a single fit. Let the fit without point $i$ predict $\tilde y_i$ there. With $\tilde y_i$ in place of $y_i$ the full data have the same fit (its residual at $i$ is zero, so it minimises the full objective as well). The full fit is linear in the data and follows measurement $i$ with the weight $S_{ii}$ of $S=X(X^\top X+\lambda I)^{-1}X^\top$, hence $\hat y_i-\tilde y_i=S_{ii}(y_i-\tilde y_i)$, and

$$
y_i-\tilde y_i=\frac{y_i-\hat y_i}{1-S_{ii}} .
$$ (eq-rg-loo)
"""


# %%
def leave_one_out(X, y, lam):
    S = np.linalg.solve(X @ X.T + lam * np.eye(len(y)), X @ X.T)  # (n, n)
    return (y - S @ y) / (1 - np.diag(S))


# %% tags=["set-up"]
grid_of_penalties = 10.0 ** np.arange(-4, 2.1, 0.5)
chosen = {}
for P in (11, 20, 1000):
    for x, y in map(measure, range(100)):
        A = waves(x, P)
        scores = [np.mean(leave_one_out(A, y, lam) ** 2) for lam in grid_of_penalties]
        lam = grid_of_penalties[np.argmin(scores)]
        kept = A.T @ np.linalg.solve(A @ A.T + lam * np.eye(20), y)
        chosen.setdefault(P, []).append(
            [true_error(shortest(A, y)), true_error(kept), lam]
        )
chosen = {P: np.array(rows) for P, rows in chosen.items()}
print("error against the truth, 100 days: median (middle 80 %)")
print("waves     no penalty               λ by leave-one-out")
for P, rows in chosen.items():
    parts = [np.quantile(rows[:, k], (0.5, 0.1, 0.9)) for k in (0, 1)]
    print(f"{P:5}", *(f"{m:8.3f} ({a:.3f} to {b:.3f})" for m, a, b in parts), sep="  ")
print(
    "ruler  {:8.3f} ({:.3f} to {:.3f})".format(
        *np.quantile(ruled[:100], (0.5, 0.1, 0.9))
    )
)

# %% [markdown]
r"""
With a price on length the catastrophe at twenty waves is gone, but on some days, where the choice goes wrong, not all of the damage: see the width. For a thousand waves the chosen penalty is a *loss* of over a tenth: two per cent were to be gained, and a choice made with twenty points is noisy itself. Regularisers need not add up.
"""

# %% tags=["checks"]
brute = []
for i in range(20):
    others = np.delete(np.arange(20), i)
    left_out = linear_model.Ridge(alpha=0.3, fit_intercept=False, solver="cholesky")
    left_out.fit(waves(x20, 40)[others], y20[others])
    brute.append(y20[i] - left_out.predict(waves(x20, 40)[[i]])[0])
verify(
    "leave-one-out from one fit, against twenty fits",
    leave_one_out(waves(x20, 40), y20, 0.3),
    brute,
    atol=1e-9,
)
gain = np.log(chosen[20][:, 0] / chosen[20][:, 1])
verify_at_least(
    "20 waves: mean log gain by the chosen penalty, minus four standard errors",
    gain.mean() - 4 * gain.std(ddof=1) / 10,
    1,
)
behind = [
    np.log(chosen[20][:, 1] / rival) for rival in (chosen[1000][:, 1], chosen[11][:, 0])
]
verify_at_least(
    "penalised, 20 waves over 1000, and over 11 bare ones: log of the error, mean minus two standard errors",
    [v.mean() - 2 * v.std(ddof=1) / 10 for v in behind],
    0,
)
loss = np.log(chosen[1000][:, 1] / chosen[1000][:, 0])
verify_at_least(
    "1000 waves: mean log loss by the chosen penalty, minus two standard errors",
    loss.mean() - 2 * loss.std(ddof=1) / 10,
    0,
)

# %% [markdown]
r"""
**Do it yourself.** Drag the points (or give one the keyboard's arrows) and the penalty. The red curve is the fit; below is its error against the dotted truth for every $\lambda$, yours marked, and in grey the leave-one-out error, which needs no truth. Try: a single outlier; $\lambda$ at its smallest with 12 waves for 12 points, then with 200.
"""

# %% tags=["set-up"]
LIVE_PENALTIES = np.linspace(-5, 2, 36)  # powers of ten
LIVE_DAY = (np.arange(120) + 0.5) / 120


def live_ridge(state):
    """Fit on the day, [df, error, training error], and the two curves over λ."""
    x, y = np.array(state["points"]).T
    A, B = waves(x, state["waves"]), waves(LIVE_DAY, state["waves"])
    lam = 10.0 ** state["penalty"]
    error = lambda lam: np.mean((B @ ridge(A, y, lam) - switch(LIVE_DAY)) ** 2)
    fit = B @ ridge(A, y, lam)
    residual = A @ ridge(A, y, lam) - y
    return [
        fit.tolist(),
        [degrees_of_freedom(A, lam), error(lam), np.mean(residual**2)],
        [error(10.0**p) for p in LIVE_PENALTIES],
        [np.mean(leave_one_out(A, y, 10.0**p) ** 2) for p in LIVE_PENALTIES],
    ]


def live_state(seed):
    rng = np.random.default_rng(seed)
    x, y = measure(seed, 12)
    return {
        "points": np.round(np.c_[x, y], 4).tolist(),
        "penalty": round(rng.uniform(-4, 2), 3),
        "waves": int(rng.choice([5, 12, 40, 200])),
    }


# %% tags=["picture"]
def ridge_picture(state):
    fit, (df, _, _), risk, loo = live_ridge(state)
    fig, (top, low) = plt.subplots(2, 1, figsize=(6.8, 4.6))
    top.plot(LIVE_DAY, switch(LIVE_DAY), ":", color=plot.GREY)
    top.plot(LIVE_DAY, fit, color=plot.RED)
    top.plot(*np.array(state["points"]).T, "k.", ms=8)
    top.set(ylim=(-2.2, 2.2), title=f"{df:.1f} effective degrees of freedom")
    low.loglog(10**LIVE_PENALTIES, risk, color=plot.RED)
    low.loglog(10**LIVE_PENALTIES, loo, color=plot.GREY)
    low.axvline(10 ** state["penalty"], color=plot.BLUE)
    low.set(xlabel=r"$\lambda$", ylim=(0.01, 10))
    return fig


live_opening = {**live_state(5), "penalty": -0.6, "waves": 40}
live(
    "ridge",
    live_opening,
    still=ridge_picture(live_opening),
    states=[live_state(seed) for seed in range(20)],
    truth=live_ridge,
    alt="Twelve points that can be dragged and the ridge fit of waves through them; below it the error against the truth and the leave-one-out error for every penalty, with a mark at the penalty that can be dragged",
)

# %% [markdown]
r"""
**Try it.** A direction has curvature 2. Which $\lambda$ leaves 90 % of the minimiser's component along it?
"""

# %% tags=["yours"]
keep_ninety = ...  # a number

exercise("rg-keep-ninety").check(keep_ninety)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac2{2+\lambda}=0.9$.

```python
keep_ninety = 2 / 9
```

</details>
"""

# %% [markdown]
r"""
(early-stopping-equals-l2)=
## Stop in time

The cheapest regulariser costs negative time: train less. It looks quite different from a price on length, and is nearly the same.

Take curvature $h=1$, $\eta=\frac12$, and descend from zero towards $\theta^*=1$: $\frac12,\frac34,\frac78,\dots$ With curvature $h=0.1$ it goes $0.05,0.0975,\dots$ After three steps the steep direction is at 88 % of its goal, the flat one at 14 %: again a filter. In general a step is $\theta_{t+1}-\theta^*=(I-\eta H)(\theta_t-\theta^*)$, so from zero, along eigenvector $i$,

$$
\begin{aligned}
\text{stopped at }t:&\quad q_i^\top\theta_t=\bigl(1-(1-\eta h_i)^t\bigr)\,q_i^\top\theta^*,\\
\text{weight decay:}&\quad q_i^\top\theta_\lambda=\frac{h_i}{h_i+\lambda}\,q_i^\top\theta^* .
\end{aligned}
$$ (eq-rg-filters)

For small $h_i$ these are $\eta t\,h_i$ and $h_i/\lambda$ to first order, so they agree if

$$
\lambda=\frac1{\eta t}:
$$ (eq-rg-clock)

training time is the reciprocal of weight decay. For large $h_i$ both are one. In between, with $u=h\eta t$ and small steps, the difference is $1-e^{-u}-\frac u{1+u}$. Its derivative $e^{-u}-\frac1{(1+u)^2}$ vanishes where $u=2\ln(1+u)$, at $u\approx2.51$, and there the filters differ by $0.204$: close relatives, not twins.
"""


# %%
def stopped(h, eta, t):
    return 1 - (1 - eta * h) ** t


def decayed(h, lam):
    return h / (h + lam)


# %% tags=["checks"]
walked = np.zeros(10)
for _ in range(200):
    walked = walked - 0.1 * (H_patients @ walked - b_patients)
verify(
    "diabetes, 200 steps of gradient descent, against the filter",
    Q.T @ walked,
    stopped(curvatures, 0.1, 200) * (Q.T @ theta_star),
    atol=1e-10,
)
worst_u = optimize.brentq(lambda u: u - 2 * math.log(1 + u), 1, 5)
h = np.geomspace(1e-3, 1e3, 200_001)
apart = stopped(h, 1e-5, 100_000) - decayed(h, 1.0)  # ηt = 1, so u = h
verify(
    "the filters of many small steps and of decay: where they differ most, and by how much",
    [h[apart.argmax()], apart.max()],
    [worst_u, 1 - math.exp(-worst_u) - worst_u / (1 + worst_u)],
    rtol=1e-3,
)

# %% [markdown]
r"""
Move the clock. On the left the thousand waves, trained for $t$ steps (red) and decayed with $\lambda=1/\eta t$ (blue, dashed); on the right the two filters, with a tick at each of the twenty curvatures. The slow waves come first: *early* means *smooth*.
"""

# %% tags=["picture"]
A1000 = waves(x20, 1000)
modes_h, modes_U = np.linalg.eigh(A1000 @ A1000.T)
on_day = day_waves[1] @ A1000.T @ modes_U  # a fit is on_day @ (filter / h * U.T y)
STEP = 1 / modes_h[-1]


def clock(steps):
    fig, (left, right) = plt.subplots(
        1, 2, figsize=(6.8, 2.9), gridspec_kw={"width_ratios": (3, 2)}
    )
    lam = 1 / (STEP * steps)
    h = np.geomspace(1e-3, 100, 200)
    left.plot(day, switch(day), ":", color=plot.GREY)
    left.plot(x20, y20, "k.", ms=5)
    for passed, colour, style in (
        (lambda h: stopped(h, STEP, steps), plot.RED, "-"),
        (lambda h: decayed(h, lam), plot.BLUE, "--"),
    ):
        weights = passed(modes_h) / modes_h * (modes_U.T @ y20)
        left.plot(day, on_day @ weights, style, color=colour, lw=1.5)
        inside = h < 1.9 / STEP
        right.semilogx(h[inside], passed(h[inside]), style, color=colour)
    right.plot(modes_h, np.zeros(20), "|", color="black", ms=9)
    right.set_xticks([0.01, 1, 100], ["0.01", "1", "100"])
    right.minorticks_off()
    left.set(ylim=(-2, 2), xlabel="time of day", title=f"t = {steps}, λ = {lam:.2g}")
    right.set(ylim=(-0.05, 1.05), xlabel="curvature $h$", title="share that is fitted")
    return fig


explore(
    clock,
    alt="Left the square wave, twenty points and two fits, stopped descent and weight decay: alike in shape, the decayed one flatter after few steps; both pass through all points after many. Right their filters, two S-shaped curves that move left as time goes on",
    steps=[3, 10, 30, 100, 1000, 10000],
)

# %% [markdown]
r"""
(validation-error-curve)=
**Networks.** Nothing quadratic there, but the same picture. The day goes as $(\cos2\pi x,\sin2\pi x)$ through two hidden layers of $4$ or $32$ tanh units; twenty days, one network each, Adam. The *validation error*, measured on forty other moments of the same noisy day, falls with the training error at first, then parts from it: there overfitting begins.
"""


# %% tags=["set-up"]
def several_networks(S, sizes, seed):
    """S networks side by side: arrays (S, in + 1, out), the last row holds the biases."""
    g = torch.Generator().manual_seed(seed)
    weights = []
    for i, o in itertools.pairwise(sizes):
        W = torch.randn(S, i + 1, o, generator=g) * (2 / i) ** 0.5
        W[:, -1] = 0
        weights.append(W.requires_grad_())
    return weights


def outputs(weights, X, activation=torch.relu):  # X (S, n, in)
    for l, W in enumerate(weights):
        X = torch.baddbmm(W[:, -1:], X, W[:, :-1])
        X = activation(X) if l + 1 < len(weights) else X
    return X  # (S, n, out)


def circle(x):
    angle = 2 * np.pi * torch.as_tensor(np.asarray(x), dtype=torch.float32)
    return torch.stack([angle.cos(), angle.sin()], -1)  # (..., 2)


def train_on_days(q, days, steps=400, looks=20, S=20, pooled=False):
    """Errors (looks, 3, S) on training and validation data and against the truth; nets.

    Pooled: the validation data are trained on as well.
    """
    x, y = (np.array(v) for v in zip(*(measure(s) for s in days)))
    xv, yv = (np.array(v) for v in zip(*(measure(1000 + s, 40) for s in days)))
    sets = [(x, y), (xv, yv), (np.tile(day, (S, 1)), np.tile(switch(day), (S, 1)))]
    if pooled:
        sets[0] = np.c_[x, xv], np.c_[y, yv]
    sets = [
        (circle(a), torch.tensor(b, dtype=torch.float32)[..., None]) for a, b in sets
    ]
    W = several_networks(S, (2, q, q, 1), q)
    adam, record = torch.optim.Adam(W, lr=0.015, fused=True), []
    error = lambda s: ((outputs(W, s[0], torch.tanh) - s[1]) ** 2).mean((1, 2))
    for t in range(steps):
        adam.zero_grad()
        error(sets[0]).sum().backward()
        adam.step()
        if t % looks == looks - 1:
            with torch.no_grad():
                record.append(torch.stack([error(s) for s in sets]).numpy())
    return np.array(record), [w.detach() for w in W]


curves = {q: train_on_days(q, range(20))[0] for q in (4, 32)}  # (20, 3, 20)

# %% tags=["picture"] mystnb={"image": {"alt": "Two panels, networks with 4 and with 32 units a layer. The training error falls throughout; the validation error falls in the first steps and then rises, more steeply for the large network; bands show twenty days."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.8), sharey=True)
for ax, (q, curve) in zip(axes, curves.items()):
    when = 20 * np.arange(1, len(curve) + 1)
    for k, colour, name in ((0, plot.BLUE, "training"), (1, plot.RED, "validation")):
        ax.plot(when, curve[:, k].mean(1), color=colour, label=name)
        low, high = np.quantile(curve[:, k], (0.1, 0.9), axis=1)
        ax.fill_between(when, low, high, color=colour, alpha=0.2, lw=0)
    ax.axhline(0.2**2, color=plot.GREY, ls=":", label="noise")
    ax.set(ylim=(0, 0.6), xlabel="steps", title=f"{q} units a layer")
axes[0].set_ylabel("mean squared error")
axes[1].legend(fontsize=9)
plt.show()

# %% [markdown]
r"""
(early-stopping)=
*Early stopping* makes a method of it: watch the validation error, keep the best parameters so far, stop after a number of looks without improvement, the *patience*. Since the validation set chose the moment, the honest error is on a third set; here, against the truth.
"""


# %%
class EarlyStopping:
    """Call with each look's error and state; answers whether to stop."""

    def __init__(self, patience):
        self.patience, self.best, self.state, self.waited = patience, np.inf, None, 0

    def __call__(self, error, state):
        if error < self.best:
            self.best, self.state, self.waited = error, state, 0
        else:
            self.waited += 1
        return self.waited >= self.patience


# %% tags=["set-up"]
def kept_error(curve, patience):
    """Against the truth, for each day: what early stopping keeps."""
    kept = []
    for day_curve in curve.transpose(2, 0, 1):  # (looks, 3)
        stop = EarlyStopping(patience)
        for _, validation, truth in day_curve:
            if stop(validation, truth):
                break
        kept.append(stop.state)
    return np.array(kept)


stopping = {(q, p): kept_error(c, p) for q, c in curves.items() for p in (1, 3, 10)}
on_all_60 = {
    q: train_on_days(q, range(20), looks=400, pooled=True)[0][-1, 2] for q in curves
}
both20 = [
    ruler(*(np.r_[a, b] for a, b in zip(measure(s), measure(1000 + s, 40))))
    for s in range(20)
]
ruled20 = [ruled[:20], np.array([off(fit) for fit in both20])]
print("error against the truth, mean of 20 days ± standard error; the last column")
print("trains on the 40 validation measurements as well and never stops")
print("units   patience 1      patience 3      patience 10     never stopped   all 60")
for q, curve in curves.items():
    row = [stopping[q, p] for p in (1, 3, 10)] + [curve[-1, 2], on_all_60[q]]
    print(
        f"{q:5}",
        *(f"{v.mean():.3f} ± {v.std(ddof=1) / 20**0.5:.3f}" for v in row),
        sep="  ",
    )
few, many = (f"{v.mean():.3f} ± {v.std(ddof=1) / 20**0.5:.3f}" for v in ruled20)
print(f"ruler{few:>63}{many:>15}")

# %% tags=["checks"]
stop = EarlyStopping(2)
answers = [stop(error, k) for k, error in enumerate([5.0, 4.0, 4.5, 3.0, 3.0, 3.1])]
verify(
    "errors 5, 4, 4.5, 3, 3, 3.1 with patience 2: stops at look, best look",
    [answers.index(True), stop.state],
    [5, 3],
)
for_all = np.concatenate(
    [np.log(c[-1, 2] / stopping[q, 10]) for q, c in curves.items()]
)
verify_at_least(
    "forty networks: mean log gain by stopping with patience 10, minus four standard errors",
    for_all.mean() - 4 * for_all.std(ddof=1) / math.sqrt(40),
    0,
)
price = [np.log(stopping[q, 10] / on_all_60[q]) for q in curves]
verify_at_least(
    "both sizes: mean log gain by training on all 60 instead of stopping, minus four standard errors",
    [v.mean() - 4 * v.std(ddof=1) / math.sqrt(20) for v in price],
    0,
)
worse = {
    "4 units unstopped − ruler": curves[4][-1, 2] - ruled20[0],
    "32 units unstopped − ruler": curves[32][-1, 2] - ruled20[0],
    "ruler − 4 units stopped": ruled20[0] - stopping[4, 10],
    "4 units stopped − ruler of 60": stopping[4, 10] - ruled20[1],
    "32 units stopped − ruler of 60": stopping[32, 10] - ruled20[1],
    "ruler of 60 − 4 units on 60": ruled20[1] - on_all_60[4],
    "ruler of 60 − 32 units on 60": ruled20[1] - on_all_60[32],
}
verify_at_least(
    "twenty days, errors: " + "; ".join(worse) + "; each mean less two standard errors",
    [v.mean() - 2 * v.std(ddof=1) / math.sqrt(20) for v in worse.values()],
    0,
)
level = ruled20[0] - stopping[32, 10]
verify(
    "ruler minus 32 units stopped",
    level.mean(),
    0,
    atol=2 * level.std(ddof=1) / math.sqrt(20),
)
verify_at_least(
    "both sizes: mean validation error at the end over that at its minimum",
    [c[-1, 1].mean() / c[:, 1].mean(1).min() for c in curves.values()],
    1.1,
)

# %% [markdown]
r"""
Stopping saves about a third of the error, whatever the patience, of small networks too. But look at the ruler. Left alone, both sizes are worse; stopped, the small one is ahead and the large one level. But stopping looked at forty more measurements, and the ruler through all sixty beats both. Trained on all sixty and never stopped, the networks are ahead again, with about half of the stopped error.

**Try it.** After how many steps (not necessarily whole) has a direction of curvature $h$ come exactly as far as weight decay $\lambda$ would let it?
"""

# %% tags=["yours"]
stop_time = ...  # a function of h, eta, lam

exercise("rg-stop-time").check(stop_time)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$(1-\eta h)^t=1-\frac h{h+\lambda}=\frac\lambda{h+\lambda}$. It depends on $h$: no single $t$ serves all directions.

```python
stop_time = lambda h, eta, lam: np.log(lam / (h + lam)) / np.log(1 - eta * h)
```

</details>
"""

# %% [markdown]
r"""
(l1-vs-l2-weight-distribution)=
## Why does one penalty make zeros?

Some want small weights, some want few. The length $\|\theta\|_1=\sum_j|\theta_j|$ makes few. Why?

Start at $w=2$ without data, $\eta\lambda=0.3$. With the square, $\lambda\frac{w^2}2$, each step multiplies by $0.7$: $2,1.4,0.98,\dots$, smaller for ever and never zero. With $\lambda|w|$ each step takes away $0.3$, whatever is left: $2,1.7,1.4,\dots$, and the seventh step would overshoot. There one stops *at* zero:

$$
L_2:\;w\mapsto(1-\eta\lambda)\,w,\qquad L_1:\;w\mapsto\operatorname{sign}(w)\max(\lvert w\rvert-\eta\lambda,0).
$$ (eq-rg-push)

The first push fades with $w$, the second is constant. The second map is [soft-thresholding](#soft-thresholding); alternated with gradient steps on the data it is *ISTA*, a solver for the [lasso](#lasso).
"""


# %%
def soft(w, threshold):
    return np.sign(w) * np.maximum(abs(w) - threshold, 0)


def ista(X, y, lam, steps):
    eta, w = 1 / np.linalg.norm(X, 2) ** 2, np.zeros((X.shape[1], *np.shape(lam)))
    for _ in range(steps):
        w = soft(w - eta * X.T @ (X @ w - y), eta * lam)
    return w


# %% [markdown]
r"""
As a picture: give each penalty a budget, $\|\theta\|_p\le1$, and let a loss with elliptic contours look for the best affordable point. Begin at $p=\frac12$ and go up to $\infty$: from which $p$ on are both coordinates used?
"""

# %% tags=["picture"]
bowl, centre = np.array([[0.8, 0.1], [0.1, 0.8]]), np.array([0.5, 1.7])
angle = np.linspace(0, 2 * np.pi, 1441)
around = np.array([np.cos(angle), np.sin(angle)])  # (2, 1441)


def rim(p):
    size = abs(around).max(0) if p == np.inf else (abs(around) ** p).sum(0) ** (1 / p)
    return around / size


def bowl_loss(v):  # v (2, ...)
    gap = np.moveaxis(v, 0, -1) - centre
    return np.einsum("...i,ij,...j->...", gap, bowl, gap)


def ball(p):
    points = rim(float(p))
    best = points[:, bowl_loss(points).argmin()]
    fig, ax = plt.subplots(figsize=(6.8, 3.3))
    height = lambda x, y: bowl_loss(np.array([x, y]))
    box = (-2.2, 2.6), (-1.3, 2.3)
    plot.contours(ax, height, *box, [0.02, 0.15, 0.6, 2.0, 3.2])
    plot.contours(
        ax, height, *box, [bowl_loss(best)], colors=plot.ORANGE, linewidths=1.8
    )
    ax.fill(*points, color=plot.SKY, alpha=0.4)
    ax.plot(*points, color=plot.BLUE)
    ax.plot(*best, "o", color=plot.RED, ms=8, zorder=5)
    ax.plot(*centre, "k+", ms=9)
    ax.set(
        aspect="equal",
        xlabel=r"$\theta_1$",
        ylabel=r"$\theta_2$",
        title=f"best point ({best[0] + 0.0:.2f}, {best[1]:.2f})",
    )
    return fig


explore(
    ball,
    alt="Elliptic contours of a loss and the ball of the p-norm: for p = 2 they touch with both coordinates non-zero, for p = 1 and below at a corner on an axis, where the first is zero, for large p near the corner of a square, where neither is zero",
    p=["0.5", "1", "1.5", "2", "4", "inf"],
)

# %% [markdown]
r"""
At a smooth rim the ellipse touches where it happens to; a corner catches it for a whole range of directions. The ball of $p=\infty$ has corners as well, but on the diagonals: there all weights have the *same* size. For $p<1$ the corners lie on the axes, but the ball is dented: only $p=1$ is [convex](#norms-are-convex-regularizers) *and* has its corners there.

**What it is good for.** The true square wave needs only the sines with an odd number of turns, one wave in four. So few weights should be the better guess than short ones. Forty waves, equally strong and divided by $k$; ten values of $\lambda$, chosen on twenty further measurements of the same day. (Turned pairs, the short ISTA and the *elastic net*, which charges both lengths, are explained below.)
"""

# %% tags=["set-up"]
ten_penalties = np.geomspace(0.003, 10, 10)
pair = np.array([[1, -1], [1, 1]]) / math.sqrt(2)
turned = linalg.block_diag(1, *[pair] * 19, 1)  # each (cosine, sine) by 45°


def lasso(X, y, b=0.0):  # (features, penalties); with b/2 |w|² an elastic net
    if b:
        X, y = (
            np.r_[X, math.sqrt(b) * np.eye(X.shape[1])],
            np.r_[y, np.zeros(X.shape[1])],
        )
    knots, _, path = linear_model.lars_path(X, y, method="lasso")  # linear in between
    at = ten_penalties / len(y)
    found = np.array([np.interp(at, knots[::-1], w[::-1]) for w in path])
    return np.where(abs(found) > 1e-12, found, 0)  # a zero but for rounding


def unsolved(X, y, w, b=0.0):
    """Largest violation of the conditions for a minimum, in units of the penalty."""
    pull = (X.T @ (y[:, None] - X @ w) - b * w) / ten_penalties
    return np.where(w == 0, np.maximum(abs(pull) - 1, 0), abs(pull - np.sign(w))).max()


guesses, violations = {}, []  # (fade, penalty): rows of error, share of zeros
net40 = []
for fade, seed in itertools.product((0, 1), range(40)):
    (x, y), (xv, yv) = measure(seed), measure(500 + seed)
    A, V = waves(x, 40, fade), waves(xv, 40, fade)
    fits = {  # each (40, penalties), in the coefficients of the waves
        "ridge": np.transpose([ridge(A, y, lam) for lam in ten_penalties]),
        "lasso": lasso(A, y),
        "lasso, pairs turned": turned @ lasso(A @ turned, y),
    }
    violations.append(unsolved(A, y, fits["lasso"]))
    if fade:
        fits["ISTA, 400 steps"] = ista(A, y[:, None], ten_penalties, 400)
        b = np.linalg.norm(A, 2) ** 2 / 400  # 1/ηt
        fits["elastic net, b = 1/400η"] = lasso(A, y, b)
        violations.append(unsolved(A, y, fits["elastic net, b = 1/400η"], b))
    for name, thetas in fits.items():
        at = ((V @ thetas - yv[:, None]) ** 2).mean(0).argmin()
        best = thetas[:, at]
        row = [true_error(best, fade), np.mean(best == 0)]
        guesses.setdefault((fade, name), []).append(row)
    if fade:  # the last penalty, the elastic net, with what it has chosen
        net40.append(true_error(lasso(np.r_[A, V], np.r_[y, yv], b)[:, at]))
guesses = {key: np.array(rows) for key, rows in guesses.items()}
print("40 waves, 40 days: error against the truth (share of exact zeros)")
print(" " * 24 + "equally strong          divided by k")
for name in fits:
    cells = []
    for fade in (0, 1):
        error, zeros = guesses.get((fade, name), np.full((40, 2), np.nan)).T
        cell = f"{error.mean():.3f} ± {error.std(ddof=1) / 40**0.5:.3f}"
        cell += f" ({zeros.mean():.0%})" if zeros.mean() else ""
        cells.append("" if np.isnan(error[0]) else cell)
    print(f"{name:24}{cells[0]:24}{cells[1]}")
joined = [
    ruler(*(np.r_[a, b] for a, b in zip(measure(s), measure(500 + s))))
    for s in range(40)
]
ruled40 = [ruled[:40], np.array([off(fit) for fit in joined])]
net40 = np.array(net40)
for name, v in zip(
    ("net, refitted on all 40", "ruler", "ruler, all 40 points"), [net40, *ruled40]
):
    print(f"{name:24}{v.mean():.3f} ± {v.std(ddof=1) / 40**0.5:.3f}")

# %% tags=["checks"]
descent = linear_model.Lasso(
    alpha=0.5 / 20, fit_intercept=False, tol=1e-12, max_iter=10**6
)
descent.fit(waves(x20, 15), y20)
verify(
    "lasso with 15 waves: ISTA and scikit-learn's coordinate descent",
    ista(waves(x20, 15), y20, 0.5, 3_000),
    descent.coef_,
    atol=1e-6,
)
apart = {
    "equal waves: ridge − lasso": (guesses[0, "ridge"], guesses[0, "lasso"]),
    "turned − straight": (guesses[0, "lasso, pairs turned"], guesses[0, "lasso"]),
    "faded: turned − ridge": (guesses[1, "lasso, pairs turned"], guesses[1, "ridge"]),
    "ridge − ISTA": (guesses[1, "ridge"], guesses[1, "ISTA, 400 steps"]),
    "lasso − ISTA": (guesses[1, "lasso"], guesses[1, "ISTA, 400 steps"]),
    "ridge − net": (guesses[1, "ridge"], guesses[1, "elastic net, b = 1/400η"]),
    "net − ruler of 40": (guesses[1, "elastic net, b = 1/400η"], ruled40[1][:, None]),
}
verify_at_least(
    "forty days, errors: " + "; ".join(apart) + "; each minus two standard errors",
    [
        (a - b)[:, 0].mean() - 2 * (a - b)[:, 0].std(ddof=1) / math.sqrt(40)
        for a, b in apart.values()
    ],
    0,
)
faded = (guesses[1, "ridge"] - guesses[1, "lasso"])[:, 0]
verify_at_most(
    "faded waves: gain of the lasso over ridge, minus two standard errors",
    faded.mean() - 2 * faded.std(ddof=1) / math.sqrt(40),
    0,
)
apart40 = net40 - ruled40[1]
verify_at_most(
    "all forty points, error: the refitted net minus the ruler, in standard errors",
    apart40.mean() / apart40.std(ddof=1) * math.sqrt(40),
    1,
)
verify_at_most(
    "lasso and elastic net, all days: violation of the conditions for a minimum",
    max(violations),
    1e-6,
)
verify(
    "ridge with the pairs turned: the same coefficients of the waves",
    turned @ ridge(waves(x20, 40) @ turned, y20, 0.3),
    ridge(waves(x20, 40), y20, 0.3),
    atol=1e-10,
)
pure = [[2.0, 2.0]]
for _ in range(12):
    pure.append([(1 - 0.3) * pure[-1][0], float(soft(np.array(pure[-1][1]), 0.3))])
verify(
    "without data, ηλ = 0.3: what is left after 12 steps of L2; first step at which L1 is at zero",
    [pure[12][0], [w for _, w in pure].index(0.0)],
    [2 * 0.7**12, math.ceil(2 / 0.3)],
    rtol=1e-12,
)
touching = optimize.minimize(
    bowl_loss, [0.5, 0.5], constraints={"type": "ineq", "fun": lambda v: 1 - v @ v}
).x
best = [rim(p)[:, bowl_loss(rim(p)).argmin()] for p in (0.5, 1, 2)]
verify("best points for p = ½, 1 and 2", best, [[0, 1], [0, 1], touching], atol=5e-3)

# %% [markdown]
r"""
With equally strong waves the better guess about the truth is worth a factor of four. Divide wave $k$ by $k$, and nothing of the gain is left: the strengths had already said where the truth is, and ridge listens to them. Turn each pair of equally strong cosine and sine by 45°, which ridge does not notice, and the truth needs two weights for one: the lasso errs two fifths more. An estimator is as good as its idea of the truth, be it in the penalty or in [the strengths of the waves](#free-parameters).

**A common slip**: to praise a penalty whose solver was not run to the end. After 400 steps of ISTA half of the weights are zero, at the solution seven tenths, and the unfinished run beats both ridge and the lasso. That is no merit of the lasso: by [the clock](#eq-rg-clock) 400 steps from zero act like a second, square penalty $b=\frac1{400\eta}$, and with just this $b$ the elastic net, solved to the end, has the gain as well. The ruler, which has nothing to choose and may join all forty points, beats everything fitted on twenty; the net with its chosen penalties, refitted on all forty, is at least level.

**Try it.** The elastic net in one dimension: find the minimiser of $\frac12(w-v)^2+a\lvert w\rvert+\frac b2w^2$.
"""

# %% tags=["yours"]
elastic = ...  # a function of v, a, b

exercise("rg-elastic").check(elastic)

# %% [markdown]
r"""
<details><summary>Solution</summary>

For $w>0$ the derivative $w-v+a+bw$ vanishes at $\frac{v-a}{1+b}$: first the threshold, then the shrinking.

```python
elastic = lambda v, a, b: np.sign(v) * max(abs(v) - a, 0) / (1 + b)
```

</details>
"""

# %% [markdown]
r"""
(data-augmentation)=
## Say what must not matter

A price on length knows nothing of the problem. Often one does know something: a digit moved by a pixel is the same digit. *Data augmentation* says it with data: transformed copies that keep, or suitably change, their label.

Suppose we know that the machine is off exactly half a day after it was on. Then every measurement $(x,y)$ has a twin $(x+\frac12,-y)$ that nobody had to make. The even waves (a constant, two turns, four turns, …) have the same value at $x$ and $x+\frac12$, so in $\sum_i(f(x_i)-y_i)^2+(f(x_i+\frac12)+y_i)^2$ their share $e(x)$ enters as $(o+e-y)^2+(-o+e+y)^2=2(o-y)^2+2e^2$: it can only hurt, and in the shortest minimiser, or a penalised one, every even coefficient is exactly zero. The augmentation has *become* a symmetry of the model. It is worth as much as it is true, so here is also a machine for which it is false, on from 6 to 9 o'clock only.
"""


# %%
def with_twins(x, y):
    return np.r_[x, (x + 0.5) % 1], np.r_[y, -y]


# %% tags=["set-up"]
def morning(x):
    return np.where((x > 0.25) & (x < 0.375), 1.0, -1.0)


twins = {}
for name, truth in (("on for half the day", switch), ("on from 6 to 9", morning)):
    rows = []
    for seed in range(100):
        x, y = measure(seed)
        y = y - switch(x) + truth(x)  # the same noise on either machine
        rows.append(
            [
                np.mean(
                    (day_waves[1][:, :300] @ ridge(waves(a, 300), b, 0.1) - truth(day))
                    ** 2
                )
                for a, b in ((x, y), with_twins(x, y))
            ]
        )
    twins[name] = np.array(rows)
print("300 waves, λ = 0.1, 100 days: mean error    as measured    with twins")
for name, rows in twins.items():
    print(f"{name:38}", *(f"{v:14.3f}" for v in rows.mean(0)))

# %% tags=["checks"]
even = (np.arange(300) + 1) // 2 % 2 == 0
verify(
    "with twins: the coefficients of all even waves",
    ridge(waves(with_twins(x20, y20)[0], 300), with_twins(x20, y20)[1], 0.1)[even],
    np.zeros(even.sum()),
    atol=1e-10,
)
helps, hurts = (np.log(rows[:, 0] / rows[:, 1]) for rows in twins.values())
verify_at_least(
    "mean log gain by true twins, mean log loss by false ones, minus four standard errors",
    [v.mean() - 4 * v.std(ddof=1) / 10 for v in (helps, -hurts)],
    0,
)

# %% [markdown]
r"""
True twins save nearly a quarter of the error; false ones multiply it by ten.

**A common slip**: first augment, then split. Two hundred digits, five shaken copies of each, the nearest neighbour; all labels drawn by lot, so that nothing can be learnt.
"""

# %% tags=["set-up"]
split = data.digits(1400)
images = torch.tensor(np.r_[split.X_train, split.X_test], dtype=torch.float32)
classes = torch.tensor(np.r_[split.y_train, split.y_test])
leaks = []
for seed in range(20):
    rng = np.random.default_rng(seed)
    pick, lot = rng.permutation(1797)[:200], np.tile(rng.integers(10, size=200), 5)
    copies = np.tile(images[pick].numpy(), (5, 1))
    copies = copies + 0.1 * rng.normal(size=copies.shape)
    whose, classifier = np.tile(np.arange(200), 5), neighbors.KNeighborsClassifier(1)
    leaks.append([])
    for train in (rng.permutation(1000) < 500, whose < 100):
        classifier.fit(copies[train], lot[train])
        leaks[-1].append(classifier.score(copies[~train], lot[~train]))
leaks = np.array(leaks)
print("accuracy on labels drawn by lot")
print(
    "augmented, then split {:.2f}; split, then augmented {:.2f}".format(*leaks.mean(0))
)

# %% tags=["checks"]
verify_within_se("labels by lot, split first: accuracy", leaks[:, 1], 1 / 10)
verify_at_least("… augmented first: accuracy", leaks[:, 0].mean(), 0.9)

# %% [markdown]
r"""
Nearly every validation image had a copy of itself in the training set.

(noise-robustness)=
**Noise** is the crudest augmentation: whatever the input is, a little beside it the answer should be the same. For a linear model, let the entries of $N$ be independent with mean 0 and variance $s^2$. In $\mathbb E\|y-Xw-Nw\|^2$ the mixed term vanishes, and each of the $n$ rows contributes $\mathbb E(N_i^\top w)^2=s^2\|w\|^2$:

$$
\mathbb E\,\|y-(X+N)w\|^2=\|y-Xw\|^2+ns^2\|w\|^2 .
$$ (eq-rg-noise)

Noise on the inputs *is* ridge, with $\lambda=ns^2$. Noise on the labels, a class drawn by lot with probability $\varepsilon$ from all $K$, is in the mean the same as training on the *smoothed* target $(1-\varepsilon)e_y+\frac\varepsilon K\mathbf 1$, because cross-entropy is linear in its target. Noise on the *weights* of a linear model does nothing: it adds $s^2\|X\|_F^2$, whatever $w$ is. Only with further weights or a nonlinearity behind it does it restrain.
"""

# %% tags=["checks"]
rng = np.random.default_rng(8)
X, y, w = rng.normal(size=(30, 5)), rng.normal(size=30), rng.normal(size=5)
noise = 0.4 * rng.normal(size=(2000, 30, 5))
verify_within_se(
    "2,000 noisy inputs: mean squared residual",
    ((y - (X + noise) @ w) ** 2).sum(1),
    ((y - X @ w) ** 2).sum() + 30 * 0.4**2 * w @ w,
)
copies = np.linalg.lstsq((X + noise).reshape(-1, 5), np.tile(y, 2000))[0]
verify(
    "least squares on 2,000 noisy copies, against ridge with λ = ns²",
    copies,
    ridge(X, y, 30 * 0.4**2),
    atol=0.01,
)
weight_noise = 0.4 * rng.normal(size=(20_000, 5))
verify_within_se(
    "20,000 noisy weights: what they add to the squared residual",
    ((y - (w + weight_noise) @ X.T) ** 2).sum(1) - ((y - X @ w) ** 2).sum(),
    0.4**2 * (X**2).sum(),
)
logits = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
drawn = torch.tensor([0, 1, 2, 3, 0, 2])
lottery = [(0.8, drawn)] + [(0.2 / 4, torch.full((6,), c)) for c in range(4)]
average = sum(p * F.cross_entropy(logits, labels) for p, labels in lottery)
smooth = F.cross_entropy(logits, drawn, label_smoothing=0.2)
verify(
    "mean gradient under labels by lot, against torch's label smoothing",
    *(torch.autograd.grad(loss, logits)[0] for loss in (average, smooth)),
    atol=1e-12,
)

# %% [markdown]
r"""
**Try it.** Every row of $X$ is copied five thousand times, and in each copy column $j$ gets fresh noise of standard deviation $s_j$. Predict what least squares finds on all the copies, without making one.
"""

# %% tags=["yours"]
shake = ...  # a function of X, y, s

exercise("rg-shake").check(shake)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The noise adds $n\sum_js_j^2w_j^2$ for the $n$ rows of $X$: ridge with a $\lambda_j=ns_j^2$ for each column.

```python
shake = lambda X, y, s: np.linalg.solve(X.T @ X + len(X) * np.diag(s**2), X.T @ y)
```

</details>
"""

# %% [markdown]
r"""
(ensemble)=
## Many models

If the data leave the choice open, why choose? Ask several models and take the mean. Two models err by $+3$ and $-1$: their mean errs by $+1$, and the squares $9$ and $1$ become $1$. Were the errors $+3$ and $+3$, nothing would be gained.

If each model's error has variance $v$, and two of them have correlation $\rho$, the mean of $M$ has the variance

$$
\frac1{M^2}\bigl(Mv+M(M-1)\rho v\bigr)=\rho v+\frac{1-\rho}Mv .
$$ (eq-rg-ensemble)

What is common to all stays; the rest is averaged away. Without any assumption the mean is never worse than its members are on average: for $\bar f=\frac1M\sum_kf_k$

$$
(\bar f-y)^2=\frac1M\sum_k(f_k-y)^2-\frac1M\sum_k(f_k-\bar f)^2,
$$ (eq-rg-ambiguity)

since the mixed term $\frac2M(\bar f-y)\sum_k(f_k-\bar f)$ is zero. (For the log-loss, Jensen's inequality says the same.)

Ten networks of 32 units on the *same* twenty measurements (three such days) differ only by their random start; thirty networks with a day of their own differ by the noise as well, but have seen thirty times the data. Their fair rival is *one* network with all 600 measurements.
"""


# %% tags=["set-up"]
def crowd(x, y, seed, steps=250):
    """Fits over the day (S, 400) of S networks, each with its own row of x and y."""
    X, Y = circle(x), torch.tensor(y, dtype=torch.float32)[..., None]
    W = several_networks(len(x), (2, 32, 32, 1), seed)
    adam = torch.optim.Adam(W, lr=0.015, fused=True)
    for _ in range(steps):
        adam.zero_grad()
        ((outputs(W, X, torch.tanh) - Y) ** 2).mean((1, 2)).sum().backward()
        adam.step()
    with torch.no_grad():
        return outputs(W, circle(day).expand(len(x), -1, -1), torch.tanh)[
            ..., 0
        ].numpy()


own_days = [np.array(v) for v in zip(*(measure(s) for s in range(30)))]  # (30, 20) each
same = crowd(*(np.repeat(v[:3], 10, 0) for v in own_days), 1).reshape(3, 10, 400)
members = {"10 on the same day": same, "30 on own days": crowd(*own_days, 1)[None]}
pooled = crowd(*(np.tile(v.reshape(1, -1), (3, 1)) for v in own_days), 1)
crowd_errors = {  # of one network, of all together
    name: [np.mean((f - switch(day)) ** 2) for f in (fits, fits.mean(1))]
    for name, fits in members.items()
}
pooled_errors = np.mean((pooled - switch(day)) ** 2, 1)
print("mean squared error        one network      together")
for name, (alone, together) in crowd_errors.items():
    print(f"{name:22}{alone:14.3f}{together:14.3f}")
print(
    f"all 600 points{pooled_errors.mean():22.3f}   (three starts, ± {pooled_errors.std(ddof=1):.3f})"
)

# %% [markdown]
r"""
With the same day next to nothing is gained: the members agree, and what they agree on includes the day's noise, so $\rho$ is nearly one. With a day of their own two thirds of the error go; but one network that is given all the measurements does better still, from each of three starts. An ensemble repairs only what differs between its members: it shines with decision trees, which differ wildly on the same data ([bagging](#bagging)).

**Try it.** Ten members bring the variance of the mean error from $v$ to $0.37\,v$. What is the correlation $\rho$ of their errors?
"""

# %% tags=["yours"]
committee = ...  # a number

exercise("rg-committee").check(committee)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\rho+\frac{1-\rho}{10}=0.37$ gives $0.9\,\rho=0.27$.

```python
committee = 0.27 / 0.9
```

</details>
"""

# %% tags=["checks"]
rng = np.random.default_rng(12)
common, own = rng.normal(size=(50_000, 1)), rng.normal(size=(50_000, 7))
errors = 2 * (math.sqrt(0.3) * common + math.sqrt(0.7) * own)  # v = 4, ρ = 0.3
verify_within_se(
    "seven models, v = 4, ρ = 0.3: mean square of the mean error",
    errors.mean(1) ** 2,
    0.3 * 4 + (1 - 0.3) / 7 * 4,
)
left_over = [together / alone for alone, together in crowd_errors.values()]
verify_at_least("same day: share of the error that the crowd keeps", left_over[0], 0.9)
verify_at_most("own days: share of the error that the crowd keeps", left_over[1], 0.5)
verify_at_most(
    "the worst of three networks with all 600 points over thirty with 20 each: error",
    pooled_errors.max() / crowd_errors["30 on own days"][1],
    1.0,
)

# %% [markdown]
r"""
(dropout)=
## Dropout

Thirty networks cost thirty trainings. *Dropout* {cite:p}`srivastava2014` trains a crowd for the price of one. In each step keep every unit independently with probability $q$ (customary are $0.8$ for inputs, $0.5$ for hidden units), and remove the others with all their connections. With $k$ units there are $2^k$ such *thinned networks*, which share their weights. The idea: a unit whose partners vanish at random cannot leave its errors to them; it must be useful alone.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Four thinned copies of a network with four inputs, five hidden units and two outputs; in each a different random half of the hidden units and some inputs are pale, without connections."}}
rng = np.random.default_rng(13)
fig, axes = plt.subplots(1, 4, figsize=(6.8, 1.9))
layer_sizes = (4, 5, 2)
for ax in axes:
    spots = [
        [(l, i - (k - 1) / 2) for i in range(k)] for l, k in enumerate(layer_sizes)
    ]
    alive = [[rng.uniform() < q for _ in row] for row, q in zip(spots, (0.8, 0.5, 1))]
    for l in range(2):
        for (a, on_a), (b, on_b) in itertools.product(
            zip(spots[l], alive[l]), zip(spots[l + 1], alive[l + 1])
        ):
            if on_a and on_b:
                ax.plot(*zip(a, b), color=plot.GREY, lw=0.7, zorder=1)
    for row, on in zip(spots, alive):
        for spot, lives in zip(row, on):
            ax.plot(*spot, "o", color=plot.BLUE if lives else "#DDDDDD", ms=8)
    ax.axis("off")
plt.show()

# %% [markdown]
r"""
At test time all units are used. In training a unit with $h=2$ and outgoing weight $3$ sends $6$ with probability $q=\frac12$, else $0$, in the mean $3$. So that the next layer receives what it is used to, the outgoing weights are multiplied by $q$ at test time; or kept units are divided by $q$ in training: *inverted dropout*, all that `nn.Dropout` does. (Its argument is the share that is *dropped*, $1-q$.)
"""


# %%
def dropout(h, q, training=True):
    if not training:
        return h
    return h * (torch.rand(h.shape) < q) / q


# %% [markdown]
r"""
**With and without.** An ordinary network on 150 images of digits, a fifth of them with a label drawn by lot; five such data sets. `train()` switches the masks on, `eval()` off.
"""


# %%
def digit_network(drop):
    first = nn.Linear(64, 96), nn.ReLU(), nn.Dropout(drop)  # setting
    second = nn.Linear(96, 96), nn.ReLU(), nn.Dropout(drop)  # setting
    return nn.Sequential(*first, *second, nn.Linear(96, 10))  # setting


# %%
def train_digits(model, X, y, steps=110, look=lambda step: None):  # setting
    adam = torch.optim.Adam(model.parameters(), lr=0.003, fused=True)  # setting
    for step in range(1, steps + 1):
        model.train()
        adam.zero_grad()
        F.cross_entropy(model(X), y).backward()
        adam.step()
        model.eval()
        look(step)
    return model


# %% tags=["set-up"]
def by_lot(labels, g, share=0.2):
    """Some labels replaced by a class drawn from all ten."""
    drawn = torch.rand(labels.shape, generator=g) < share
    return torch.where(drawn, torch.randint(10, labels.shape, generator=g), labels)


def hit_rate(model, X, y):
    with torch.no_grad():
        return (model(X).argmax(1) == y).double().mean().item()


drop_looks, with_without = (15, 20, 25, 30, 40, 60, 80, 110), []
for seed, drop in itertools.product(range(5), (0.0, 0.5)):
    g = torch.Generator().manual_seed(seed)
    order = torch.randperm(1797, generator=g)
    a, b = order[:150], order[150:1150]
    labels = by_lot(classes[a], g)
    false = labels != classes[a]

    torch.manual_seed(seed)
    net, row = digit_network(drop), []

    def look(step):
        if step in drop_looks:
            seen = ((a, labels), (a[false], labels[false]), (b, classes[b]))
            row.append([hit_rate(net, images[at], marks) for at, marks in seen])

    train_digits(net, images[a], labels, look=look)
    with_without.append(row)
with_without = np.array(with_without).reshape(5, 2, len(drop_looks), 3)
print("steps                      " + "".join(f"{step:6}" for step in drop_looks))
for name, curve in zip(("without", "with"), with_without.mean(0)):
    for what, v in zip(("labels matched", "false ones", "new images"), curve.T):
        print(f"{name:9}{what:18}" + "".join(f"{x:6.2f}" for x in v))

# %% tags=["checks"]
in_se = lambda v: v.mean() / v.std(ddof=1) * math.sqrt(len(v))
verify_at_least(
    "after 110 steps: new images gained, false labels refused by dropout, in standard errors",
    [
        in_se(v)
        for v in ((with_without[:, 1] - with_without[:, 0])[:, -1, 1:] * [-1, 1]).T
    ],
    3,
)
at_best = with_without[..., 2].mean(0).argmax(1)  # the best moment of each
fresh = [with_without[:, k, at_best[k], 2] for k in (0, 1)]
verify_at_least(
    "each at its best moment: new images gained by dropout, in standard errors",
    in_se(fresh[1] - fresh[0]),
    2,
)
verify_at_least(
    "the bare network stopped: share of the gain that dropout has after 110 steps",
    (fresh[0] - with_without[:, 0, -1, 2]).mean()
    / (with_without[:, 1, -1, 2] - with_without[:, 0, -1, 2]).mean(),
    0.75,
)
verify(
    "… labels matched at that moment, against the share that is true",
    with_without[:, 0, at_best[0], 0].mean(),
    1 - 0.2 * 9 / 10,
    atol=0.06,
)

# %% [markdown]
r"""
Without dropout the network ends by matching all its labels, false ones included. With it, it refuses two thirds of the false ones and gains twelve points on new images. Because it fits less? The bare network is at its best after 30 steps, when it matches about as many labels as are true, and stopped there has most of that gain. When both may stop, dropout is two points ahead. [Co-adaptation](#dropout-properties) and [the crowd](#dropout-as-ensemble) are on the shelf.
"""

# %% [markdown]
r"""
(dropout-weight-scaling)=
**Is one scaled network the average of all?** For eight units all $2^8=256$ masks can be enumerated, each with its probability $q^k(1-q)^{8-k}$.

:::{prf:theorem} Weight scaling
:label: thm-rg-scaling
Let the masks $m$ have keep probability $q$. Replacing $m$ by $q$ gives exactly

1. the arithmetic mean of the thinned networks, if the output is linear in the masked units;
2. their normalised geometric mean, if a softmax of such an output follows.
:::

The first is $\mathbb E(v^\top(m\odot h))=v^\top(qh)$. For the second let $z_m$ be the logits, linear in $m$, and $c_m$ the log-normaliser of their softmax. The geometric mean, weighted by $p(m)$, has the logarithm $\sum_mp(m)(z_m-c_m\mathbf 1)=z_q-\bar c\,\mathbf 1$; the constant drops out on normalising, and $\operatorname{softmax}(z_q)$ is left. With another nonlinearity in between, neither holds.
"""


# %%
def all_masks(k, q):
    masks = np.array(list(itertools.product([0, 1], repeat=k)))  # (2ᵏ, k)
    kept = masks.sum(1)
    return masks, q**kept * (1 - q) ** (k - kept)


# %% tags=["set-up"]
rng = np.random.default_rng(14)
masks, chance = all_masks(8, 0.6)
h8, U8, V8 = rng.normal(size=8), rng.normal(size=(8, 8)), rng.normal(size=(3, 8))
thinned = {
    "linear": lambda m: (m * h8) @ V8[0],
    "softmax": lambda m: special.softmax((m * h8) @ V8.T, axis=-1)[..., 0],
    "second ReLU layer": lambda m: np.maximum((m * h8) @ U8.T, 0) @ V8[0],
}
deep = thinned["second ReLU layer"]
print("output                  mean of 256    scaled network    spread of the 256")
for name, net in thinned.items():
    every = net(masks)
    sd = math.sqrt(chance @ (every - chance @ every) ** 2)
    print(f"{name:20}{chance @ every:14.4f}{net(np.full(8, 0.6)):17.4f}{sd:17.3f}")
    if name == "softmax":
        powers = np.exp(chance @ np.log(special.softmax((masks * h8) @ V8.T, axis=1)))
        print(f"{'… geometric mean':20}{powers[0] / powers.sum():14.4f}")

# %% tags=["checks"]
logits8 = (masks * h8) @ V8.T
geometric = np.exp(chance @ np.log(special.softmax(logits8, axis=1)))
verify(
    "the scaled network: mean of 256 linear outputs, geometric mean of 256 softmaxes",
    [*(V8 @ (0.6 * h8)), *special.softmax(V8 @ (0.6 * h8))],
    [*(chance @ logits8), *(geometric / geometric.sum())],
    atol=1e-12,
)
verify_within_se(
    "second ReLU layer: 100,000 sampled masks, against all 256",
    deep(rng.uniform(size=(100_000, 8)) < 0.6),
    chance @ deep(masks),
)
torch.manual_seed(2)
drops = [dropout(torch.ones(400, 500), 0.8), nn.Dropout(0.2)(torch.ones(400, 500))]
for name, out in zip(("ours", "nn.Dropout"), drops):
    verify_within_se(f"{name}: mean of a row, ones go in", out.double().mean(1), 1.0)
    verify_within_se(f"{name}: mean square", (out.double() ** 2).mean(1), 1 / 0.8)

# %% [markdown]
r"""
The linear output agrees, and the softmax's *geometric* mean; its arithmetic mean is far off, and the deep output by an eighth of the spread. Sampling does as well with the square of that, some sixty masks.
"""

# %% tags=["picture"]
sampled = deep(np.random.default_rng(15).uniform(size=(60_000, 8)) < 0.6)
exact_mean, scaled_net = chance @ deep(masks), deep(np.full(8, 0.6))


def sampling(masks):
    fig, ax = plt.subplots(figsize=(6.8, 2.6))
    means = sampled[: 60_000 // masks * masks].reshape(-1, masks).mean(1)[:1000]
    heights, edges = np.histogram(means, np.linspace(sampled.min(), sampled.max(), 60))
    ax.stairs(heights / heights.max(), edges, color=plot.SKY, fill=True)
    ax.axvline(exact_mean, color=plot.RED, label="all 256 masks")
    ax.axvline(scaled_net, color=plot.BLUE, ls="--", label="scaled network")
    nearer = np.mean(abs(means - exact_mean) < abs(scaled_net - exact_mean))
    ax.set(
        xlabel="output",
        yticks=[],
        title=f"means of {masks} masks: {nearer:.0%} nearer than the scaled network",
    )
    ax.legend(loc="upper left", fontsize=9)
    return fig


explore(
    sampling,
    alt="Histogram of means over sampled masks, wide for one mask and narrowing around the exact average as their number grows; the scaled network stands a little beside it",
    masks=[1, 3, 10, 30, 100, 300],
)

# %% [markdown]
r"""
(dropout-as-penalty)=
**What does it restrain?** Drop the *inputs* of a linear model. The prediction for row $i$ is $\sum_jx_{ij}m_{ij}w_j$, with mean $q\,x_i^\top w$ and, since $\operatorname{Var}m_{ij}=q(1-q)$, variance $q(1-q)\sum_jx_{ij}^2w_j^2$. A mean square is the square of the mean plus the variance:

$$
\mathbb E\,\|y-(X\odot M)w\|^2=\|y-qXw\|^2+q(1-q)\sum_jw_j^2\sum_ix_{ij}^2 .
$$ (eq-rg-dropout)

With $v=qw$, the weights used at test time, this is ridge in which each weight has its own $\lambda_j=\frac{1-q}q\sum_ix_{ij}^2$. A strong column is charged more, so unlike ridge, dropout does not care about units. It undoes our division by $k$; on the thousand waves of the opening dropout's ridge errs by $0.98$, at $q=0.99$ as at $\frac12$: the needles are back. A regulariser can be the wrong one.
"""

# %% tags=["checks"]
rng = np.random.default_rng(16)
X = rng.normal(size=(50, 6)) * [0.5, 1, 1, 1, 2, 4]
y, w, q = 3 * rng.normal(size=50), rng.normal(size=6), 0.7
M = rng.uniform(size=(8_000, 50, 6)) < q
energy = (X**2).sum(0)
verify_within_se(
    "8,000 masks of the inputs: mean squared residual",
    ((y - (X * M) @ w) ** 2).sum(1),
    ((y - q * X @ w) ** 2).sum() + q * (1 - q) * w**2 @ energy,
)
seen = np.linalg.lstsq((X * M[:4000]).reshape(-1, 6), np.tile(y, 4000))[0]
adaptive = np.linalg.solve(X.T @ X + np.diag((1 - q) / q * energy), X.T @ y)
by_fade = []
for fade in (0, 1):
    A = waves(x20, 40, fade)
    charge = np.diag((A**2).sum(0))
    by_fade.append(A @ np.linalg.solve(A.T @ A + charge, A.T @ y20))
verify(
    "dropout's ridge on forty waves: the fit does not see the division by k",
    *by_fade,
    atol=1e-9,
)
needles = []  # dropout's ridge on 1000 waves, by way of the columns divided by √charge
for q1000, (x, noisy_y) in itertools.product((0.99, 0.5), map(measure, range(20))):
    A = waves(x, 1000)
    root = np.sqrt((1 - q1000) / q1000 * (A**2).sum(0))
    needles.append(true_error(ridge(A / root, noisy_y, 1.0) / root))
verify(
    "dropout's ridge on 1000 waves, q = 0.99 and ½: median error",
    [np.median(needles[:20]), np.median(needles[20:])],
    [np.mean(switch(day) ** 2)] * 2,
    atol=0.05,
)
verify(
    "least squares on 4,000 masked copies, times q: the adaptive ridge",
    q * seen,
    adaptive,
    atol=0.02,
)

# %% [markdown]
r"""
**Try it.** Compute the exact mean of $\max(0,v^\top(m\odot h))$ over all masks with keep probability $q$ (`all_masks` helps).
"""

# %% tags=["yours"]
mean_over_masks = ...  # a function of h, v, q

exercise("rg-masks").check(mean_over_masks)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
def mean_over_masks(h, v, q):
    masks, chance = all_masks(len(h), q)
    return chance @ np.maximum((masks * h) @ v, 0)
```

</details>
"""

# %% [markdown]
r"""
(batch-normalization)=
## Batch normalisation, and what decay means behind it

Nearly every convolutional network contains batch normalisation, and nearly every training script applies weight decay to the layers in front of it. Put together, the second no longer does what the last sections said.

Take a unit with the values $1,3,5,7$ on the four examples of a mini-batch. Their mean is 4, their variance 5; subtract and divide by $\sqrt5$: $-1.34,-0.45,0.45,1.34$. *Batch normalisation* {cite:p}`ioffe2015` does that to each feature $j$, with mean $\mu_j$ and variance $v_j$ over the $m$ examples of the mini-batch, and lets the network choose scale and shift anew:

$$
\hat x_{ij}=\frac{x_{ij}-\mu_j}{\sqrt{v_j+\epsilon}},\qquad y_{ij}=\gamma_j\hat x_{ij}+\beta_j .
$$ (eq-rg-bn)

Nothing is lost: $\gamma_j=\sqrt{v_j+\epsilon}$, $\beta_j=\mu_j$ undoes it. The small $\epsilon$ prevents a division by zero.

The backward pass must go through $\mu$ and $v$, which depend on all examples. Drop the index $j$, write $r=1/\sqrt{v+\epsilon}$ and $\hat g_i=\gamma\,\partial\ell/\partial y_i$. Here $d\mu=\frac1m\sum_kdx_k$; in $dv=\frac2m\sum_k(x_k-\mu)(dx_k-d\mu)$ the $d\mu$ drops out, since the $x_k-\mu$ add up to zero; and $dr=-\frac12r^3\,dv=-\frac{r^2}m\sum_k\hat x_k\,dx_k$. In $d\hat x_i=r\,(dx_i-d\mu)+(x_i-\mu)\,dr$ with $(x_i-\mu)\,r=\hat x_i$,

$$
d\hat x_i=r\Bigl(dx_i-\frac1m\sum_kdx_k-\hat x_i\,\frac1m\sum_k\hat x_k\,dx_k\Bigr),
$$

and in $d\ell=\sum_i\hat g_i\,d\hat x_i$ one collects what multiplies $dx_k$:

$$
\frac{\partial\ell}{\partial x_k}=r\Bigl(\hat g_k-\frac1m\sum_i\hat g_i-\hat x_k\,\frac1m\sum_i\hat g_i\hat x_i\Bigr).
$$ (eq-rg-bn-backward)

The gradient loses its mean and its component along $\hat x$: shifting or stretching the whole batch changes nothing, so no gradient points there.
"""


# %%
def bn_forward(x, gamma, beta, eps=1e-5):  # x (m, features)
    r = 1 / np.sqrt(x.var(0) + eps)
    x_hat = (x - x.mean(0)) * r
    return gamma * x_hat + beta, x_hat, r


def bn_backward(grad, x_hat, r, gamma):
    g = gamma * grad
    dx = r * (g - g.mean(0) - x_hat * (g * x_hat).mean(0))
    return dx, (grad * x_hat).sum(0), grad.sum(0)


# %% tags=["checks"]
rng = np.random.default_rng(17)
x, grad = rng.normal(2, 3, (16, 5)), rng.normal(size=(16, 5))
gamma, beta = rng.normal(size=(2, 5))
layer = nn.BatchNorm1d(5, dtype=torch.float64)
with torch.no_grad():
    layer.weight.copy_(torch.tensor(gamma))
    layer.bias.copy_(torch.tensor(beta))
xt = torch.tensor(x, requires_grad=True)
out, x_hat, r = bn_forward(x, gamma, beta)
verify("batch norm forward, against nn.BatchNorm1d", out, layer(xt), atol=1e-10)
theirs = torch.autograd.grad(
    layer(xt), (xt, layer.weight, layer.bias), torch.tensor(grad)
)
ours = bn_backward(grad, x_hat, r, gamma)
verify(
    "batch norm backward for x, γ and β, against nn.BatchNorm1d",
    np.concatenate([part.ravel() for part in ours]),
    torch.cat([part.flatten() for part in theirs]),
    atol=1e-10,
)
verify_at_least(
    "statistics taken as constants: share by which the gradient is wrong",
    np.linalg.norm(r * gamma * grad - ours[0]) / np.linalg.norm(ours[0]),
    0.1,
)

# %% [markdown]
r"""
(batchnorm-inference)=
**At test time** an example may come alone, so fixed statistics are used, gathered in training as running averages, $\text{running}\leftarrow0.9\,\text{running}+0.1\,\text{batch}$. `eval()` [switches over](#rg-beware) to them. In training, what comes out for an example [depends on its company](#batchnorm-couples-examples), a noise that regularises.

(batchnorm-placement-and-bias)=
**What a normalised layer ignores.** Usually the order is $\operatorname{ReLU}(\mathrm{BN}(Wx))$. A bias in front of batch norm is pointless: the mean takes it away, and $\beta$ does its work. Nor does the *scale* of a unit's weights $w$ matter, $\ell(cw)=\ell(w)$ for $c>0$ (up to $\epsilon$). Differentiate that in $c$ at $c=1$, and in $w$:

$$
\langle w,\nabla\ell(w)\rangle=0,\qquad\nabla\ell(cw)=\frac1c\nabla\ell(w) .
$$ (eq-rg-scale)

The gradient stands at a right angle on the weights, so by Pythagoras every plain step makes them *longer*; and the longer they are, the smaller the gradient. What counts is the direction $\hat w=w/\|w\|$. A step turns it by about

$$
\frac{\eta\,\|\nabla\ell(w)\|}{\|w\|}=\frac{\eta}{\|w\|^2}\,\|\nabla\ell(\hat w)\| :
$$ (eq-rg-effective)

$\eta/\|w\|^2$ is the *effective step size*. Weight decay cannot make this function smoother or smaller, for the length of $w$ has no effect on it. It keeps $\|w\|$ from growing, and so the effective step from shrinking {cite:p}`vanlaarhoven2017`. Exactly: let $w_t$ follow decayed steps with $a=1-\eta\lambda$, and put $v_t=w_t/a^t$, the same directions. Then with [the second equation](#eq-rg-scale)

$$
v_{t+1}=\frac{a\,w_t-\eta\nabla\ell(w_t)}{a^{t+1}}=v_t-\frac{\eta}{a^{2t+1}}\,\nabla\ell(v_t) .
$$ (eq-rg-exponential)

Behind batch norm, **weight decay is a learning rate that grows exponentially** {cite:p}`li2020`, nothing else. (The formula is for a constant $\eta$ without momentum.)
"""


# %%
def train_normalised(w, gradient, steps, eta, lam, growing=False):
    """Decayed steps; or, growing, plain steps with the rate of the formula above."""
    a, path = 1 - eta * lam, [w]
    for t in range(steps):
        if growing:
            w = w - eta / a ** (2 * t + 1) * gradient(w, t)
        else:
            w = a * w - eta * gradient(w, t)
        path.append(w)
    return torch.stack(path)  # (steps + 1, units, in)


# %% [markdown]
r"""
A hidden layer of 16 units on the digits, batch norm, ReLU, and a fixed random output layer, so that only the normalised weights are trained: their lengths and their turn per step, for three strengths of decay (mini-batches of 32, one run each).
"""

# %% tags=["set-up"]
g = torch.Generator().manual_seed(3)
first_layer = 0.3 * torch.randn(16, 64, generator=g, dtype=torch.float64)
last_layer = torch.randn(10, 16, generator=g, dtype=torch.float64)
batches = torch.randint(1000, (3000, 32), generator=g)


def normalised_logits(w, X, normal=True):
    z = X @ w.mT  # w (..., units, in), z (..., examples, units)
    if normal:
        z = z - z.mean(-2, keepdim=True)
        z = z / (z.square().mean(-2, keepdim=True) + 1e-12).sqrt()
    return z.relu() @ last_layer.T


def digits_gradient(w, t, normal=True):
    w = w.detach().requires_grad_()
    X, y = images[batches[t]].double(), classes[batches[t]]
    found = normalised_logits(w, X, normal).log_softmax(-1)[..., torch.arange(32), y]
    return torch.autograd.grad(-found.mean(-1).sum(), w)[0]


def unit(path):
    return path / path.norm(dim=-1, keepdim=True)


BN_RATE = 0.2
decays = (0.0, 0.01, 0.04)
start3, lam3 = first_layer.expand(3, -1, -1), torch.tensor(decays)[:, None, None]
paths = train_normalised(start3, digits_gradient, 1200, BN_RATE, lam3.double())
bn_paths = dict(zip(decays, paths.unbind(1)))  # each (1201, 16, 64)
turns = {
    lam: (unit(path)[1:] - unit(path)[:-1]).square().sum(-1).mean(1).sqrt()
    for lam, path in bn_paths.items()
}

# %% tags=["picture"] mystnb={"image": {"alt": "Left the mean length of the weights against steps: without decay it grows, with decay it falls to a level that is lower for stronger decay. Right the mean turn of a unit per step: without decay it falls, with decay it settles at the dotted prediction."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.9))
for lam, colour in zip(decays, (plot.GREY, plot.BLUE, plot.RED)):
    left.plot(
        bn_paths[lam].norm(dim=-1).mean(1), color=colour, label=rf"$\lambda={lam:g}$"
    )
    smooth_turn = np.convolve(turns[lam], np.ones(25) / 25, "valid")
    right.semilogy(smooth_turn, color=colour)
    if lam:
        right.axhline(math.sqrt(2 * BN_RATE * lam), color=colour, ls=":")
left.set(xlabel="steps", title=r"length $\|w\|$ of a unit's weights")
right.set(xlabel="steps", title="turn per step, root mean square")
left.legend(fontsize=9)
plt.show()

# %% [markdown]
r"""
The dotted lines are a prediction without any property of the data. In balance the growth by the step and the loss by decay cancel, $\|w\|^2=(1-\eta\lambda)^2\|w\|^2+\eta^2\|\nabla\ell(w)\|^2$, hence for small $\eta\lambda$ a turn per step of

$$
\frac{\eta\|\nabla\ell(w)\|}{\|w\|}=\sqrt{2\eta\lambda} .
$$ (eq-rg-balance)

In balance decay and rate alone set the *speed of turning*. In the control, the same network without batch norm, decay ($\lambda=1$ at rate $0.01$) does what the chapter said before: it shrinks the function.
"""

# %% tags=["checks"]
grown = train_normalised(first_layer, digits_gradient, 300, BN_RATE, 0.01, growing=True)
X_check = images[1000:1200].double()
verify(
    "300 decayed steps, the weights over a³⁰⁰, and 300 plain ones with growing rates",
    bn_paths[0.01][300] / (1 - BN_RATE * 0.01) ** 300,
    grown[300],
    atol=1e-6,
)
verify(
    "turn per step over the last 400 steps, for both decays",
    [turns[lam][-400:].square().mean().sqrt() for lam in (0.01, 0.04)],
    [math.sqrt(2 * BN_RATE * lam) for lam in (0.01, 0.04)],
    rtol=0.1,
)
slope_there = digits_gradient(first_layer, 0)
verify(
    "gradient times weights, per unit; size of the gradient at 3w over that at w",
    torch.stack(
        [
            (first_layer * slope_there).sum(1),
            digits_gradient(3 * first_layer, 0).norm(dim=1) / slope_there.norm(dim=1),
        ]
    ),
    np.outer([0, 1 / 3], np.ones(16)),
    atol=1e-8,
)
plain = train_normalised(
    first_layer.expand(2, -1, -1),
    lambda w, t: digits_gradient(w, t, normal=False),
    300,
    0.01,
    torch.tensor([0.0, 1.0]).double()[:, None, None],
)[-1]
sizes = [normalised_logits(w, X_check, normal=False).std() for w in plain]
verify_at_most(
    "without batch norm, rate 0.01: size of the outputs with λ = 1 over that without decay",
    sizes[1] / sizes[0],
    0.5,
)

# %% [markdown]
r"""
So a "weight decay of $0.0005$" in a script with batch norm is a statement about the schedule of the learning rate. It may well improve the result; to compare it with a rival, tune the rival's schedule too. The last layer, with no normalisation behind it, is decayed in the old sense. On the shelf: what batch norm buys in [deep stacks](#batchnorm-benefits), the dispute about [why](#internal-covariate-shift), its [relatives](#normalization-variants).

**Try it.** The weights of a normalised unit have become three times as long. With which plain rate does one step turn it as far as rate $0.01$ did before?
"""

# %% tags=["yours"]
longer_rate = ...  # a number

exercise("rg-longer").check(longer_rate)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The effective step is $\eta/\|w\|^2$.

```python
longer_rate = 0.09
```

</details>
"""

# %% [markdown]
r"""
(capacity-u-curve)=
## Where the peak comes from

The opening left one thing unexplained: why are twenty waves for twenty points so much worse than eleven *and* than a thousand? Call *capacity* the richness of the set of functions a model can represent; here, the number of parameters $P$. The classical picture is a U: with capacity the training error falls to zero, the test error falls and rises again.

(double-descent)=
The modern picture goes on to the right. At the *interpolation threshold*, the smallest capacity with zero training error, the test error peaks; beyond it *falls again*, possibly below the bottom of the U {cite:p}`belkin2019`. Here for the waves, over 60 days.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Error against the number of waves, both axes logarithmic: a shallow U with its bottom near eleven, a sharp peak at twenty, and a second descent to below the U. The band of the middle 80 per cent is wide at the peak; the mean lies far above the median there. The second descent ends on the dotted line of the ruler."}}
wave_counts = np.r_[1:24, 25, 29, 35, 50, 100, 300, 1000]
wave_errors = np.array(
    [
        [true_error(shortest(A[:, :P], y)) for P in wave_counts]
        for A, y in ((waves(x, 1000), y) for x, y in map(measure, range(60)))
    ]
)
plt.fill_between(
    wave_counts,
    *np.quantile(wave_errors, (0.1, 0.9), axis=0),
    color=plot.RED,
    alpha=0.2,
    lw=0,
)
plt.loglog(wave_counts, np.median(wave_errors, 0), ".-", color=plot.RED, label="median")
plt.loglog(wave_counts, wave_errors.mean(0), "--", lw=1, color=plot.GREY, label="mean")
plt.axhline(np.median(ruled), color=plot.GREEN, ls=":", label="ruler")
plt.axvline(20, color=plot.GREY, ls=":", lw=1)
plt.ylim(0.03, 1e3)
plt.xlabel("waves, for 20 measurements")
plt.ylabel("error against the truth")
plt.legend()
plt.show()

# %% tags=["checks"]
below_twenty = np.median(wave_errors[:, wave_counts < 20], 0)
verify("best number of waves below twenty", int(np.argmin(below_twenty)) + 1, 11)

# %% [markdown]
r"""
The second descent ends at the ruler of the opening. The smallest peak has one example and one weight, $y=x\theta+0.3$. At $x=1$ the fit is off by $0.3$, at $x=0.1$ by $3$: noise over almost nothing, and for Gaussian $x$ its mean square is infinite. Give the example a hundred such inputs: the noise moves the shortest fit by $0.3/\|x\|\approx0.03$, since a hundred numbers are hardly ever short. (But of the truth it keeps a hundredth of the squared length.)

In general take the simplest model with a width. Inputs $x\sim\mathcal N(0,I_D)$, targets $y=\beta^\top x+\text{noise}$ of variance $s^2$, $n$ examples. We use only the first $P$ of the $D$ inputs, with coefficients $\beta_T$; what the others contribute is more noise, of total variance $\tau^2=s^2+\|\beta_R\|^2$. We fit by least squares, and where there are many solutions take [the shortest](#eq-rg-implicit).

**Fewer parameters than examples.** With the noise $e$ the error is $\hat\theta-\beta_T=(X^\top X)^{-1}X^\top e$, and a new prediction adds its own $\tau^2$: the risk is $\tau^2+\tau^2\,\mathbb E\operatorname{tr}(X^\top X)^{-1}$. The trace: by the block formula for an inverse, $1/[(X^\top X)^{-1}]_{jj}$ is the squared length of what is left of column $j$ when it is regressed on the $P-1$ others. The column is a Gaussian vector in $\mathbb R^n$, independent of the others, so that rest is Gaussian in a space of $n-P+1$ dimensions: its squared length is $\chi^2$ with $k=n-P+1$ degrees of freedom. And $\mathbb E\frac1{\chi^2_k}=\frac1{k-2}$, so each of the $P$ diagonal entries has the mean $\frac1{n-P-1}$.

With one degree of freedom left, column $j$ has almost nothing of its own to be recognised by; its coefficient is noise over nearly nothing. *That* is the peak.

**More.** Now $\hat\theta=X^+y$, and with the projection $\Pi=X^+X$ on the row space $\hat\theta-\beta_T=-(I-\Pi)\beta_T+X^+e$, two orthogonal parts. The row space is an $n$-dimensional subspace in random position, so a share $1-\frac nP$ of $\|\beta_T\|^2$ is lost. The noise part is $\tau^2\,\mathbb E\operatorname{tr}(XX^\top)^{-1}$, the same trace with $n$ and $P$ exchanged.

:::{prf:theorem} Risk of the shortest least-squares fit
:label: thm-rg-risk
In this model, for every $n$ {cite:p}`belkin2020`,

$$
\mathbb E R=
\begin{cases}
\tau^2\Bigl(1+\dfrac P{n-P-1}\Bigr)&P\le n-2,\\[2ex]
\|\beta_T\|^2\Bigl(1-\dfrac nP\Bigr)+\tau^2\Bigl(1+\dfrac n{P-n-1}\Bigr)&P\ge n+2,
\end{cases}
$$ (eq-rg-risk)

and $\mathbb E R=\infty$ for $|P-n|\le1$ (if there is noise).
:::

Beyond the threshold the noise is spread over ever more coefficients, and its share in a prediction *falls*. Whether there is a U below depends on $\beta$: if the inputs come in order of importance, as here with $\beta_j\propto j^{-3/4}$, the first few are worth their noise and the later ones are not. ($1/\chi^2_k$ has no variance for $k\le4$. So within three of the threshold a mean has no finite standard error.)
"""


# %%
def expected_risk(P, n, beta, noise):
    signal, tau2 = sum(beta[:P] ** 2), noise**2 + sum(beta[P:] ** 2)
    if P <= n - 2:
        return tau2 * (1 + P / (n - P - 1))
    return signal * (1 - n / P) + tau2 * (1 + n / (P - n - 1))


# %% tags=["set-up"]
beta200 = np.arange(1.0, 201) ** -0.75
beta200 /= np.linalg.norm(beta200)


def sampled_risks(widths, rng, n=40, noise=0.3, fade=0.0):
    """The risk of each width, expected over new inputs, on the same n examples."""
    X = rng.normal(size=(n, 200))
    y = X @ beta200 + noise * rng.normal(size=n)
    theta = np.zeros((len(widths), 200))
    for row, P in zip(theta, widths):
        strength = np.arange(1.0, P + 1) ** -fade
        row[:P] = strength * shortest(X[:, :P] * strength, y)
    return ((theta - beta200) ** 2).sum(1) + noise**2


valley = min(range(42, 201), key=lambda P: expected_risk(P, 40, beta200, 0.3))
exact_counts = [2, 5, 12, 20, 28, 34, 36, 44, 46, 52, valley, 120, 200]
rng = np.random.default_rng(20)
gauss_risks = np.array([sampled_risks(exact_counts, rng) for _ in range(300)]).T
gauss_theory = np.array([expected_risk(P, 40, beta200, 0.3) for P in exact_counts])
print("risk      theory   mean of 300 fits ± standard error")
for P in (12, valley, 200):
    k = exact_counts.index(P)
    se = gauss_risks[k].std(ddof=1) / math.sqrt(300)
    print(f"P = {P:3}{gauss_theory[k]:9.3f}{gauss_risks[k].mean():15.3f} ± {se:.3f}")

# %% tags=["picture"] mystnb={"image": {"alt": "Risk against the number of inputs used, measured means with error bars on the theoretical curve: a U with its bottom at twelve, a peak at forty, and a second valley near seventy which is higher than the first."}}
for low, high in ((1, 38), (42, 200)):
    P = np.unique(np.geomspace(low, high, 50).astype(int))
    plt.loglog(
        P,
        [expected_risk(p, 40, beta200, 0.3) for p in P],
        color=plot.GREY,
        label="theory" if low == 1 else None,
    )
plt.errorbar(
    exact_counts,
    gauss_risks.mean(1),
    2 * gauss_risks.std(1, ddof=1) / math.sqrt(300),
    fmt="o",
    ms=4,
    color=plot.RED,
    label="mean of 300 fits ± 2 s.e.",
)
plt.axvline(40, color=plot.GREY, ls=":", lw=1)
plt.xlabel("inputs used, for 40 examples")
plt.ylabel("risk")
plt.legend()
plt.show()

# %% tags=["checks"]
hundred = np.random.default_rng(21).normal(size=(20_000, 100))
verify_within_se(
    "one example, a hundred inputs: mean square of 0.3/‖x‖, noise over P − n − 1",
    0.3**2 / (hundred**2).sum(1),
    0.3**2 / (100 - 1 - 1),
)
away = (
    (gauss_risks.mean(1) - gauss_theory) / gauss_risks.std(1, ddof=1) * math.sqrt(300)
)
verify_at_most(
    "thirteen widths: distance of the mean of 300 fits from theory, in standard errors",
    abs(away),
    4,
)
two_se = 2 * gauss_risks.std(1, ddof=1) / math.sqrt(300)
bottoms = gauss_risks.mean(1)[[exact_counts.index(P) for P in (12, valley, 200)]]
verify_at_least(
    "measured: the second valley minus the first, all 200 inputs minus the second, less four standard errors",
    np.diff(bottoms) - 2 * (two_se[exact_counts.index(valley)] + two_se[-1]),
    0,
)
faded = np.array([sampled_risks([200], rng, fade=0.75)[0] for _ in range(300)])
verify_at_most(
    "inputs divided by j^¾, all 200: risk plus four standard errors, over the bottom of the U",
    (faded.mean() + 4 * faded.std(ddof=1) / math.sqrt(300)) / min(gauss_theory[:7]),
    0.9,
)
X = rng.normal(size=(12, 5))
others = X[:, 1:]
rest = X[:, 0] - others @ np.linalg.lstsq(others, X[:, 0])[0]
verify(
    "first entry of (XᵀX)⁻¹: one over what the other columns leave of the first",
    np.linalg.inv(X.T @ X)[0, 0],
    1 / (rest @ rest),
    rtol=1e-9,
)

# %% [markdown]
r"""
In this model the second descent stops at $0.72$, far above the U's $0.38$, and turns up again: the inputs are equally strong, and the shortest solution spends its length on the wrong ones. Divide input $j$ by $j^{3/4}$, as the truth fades, and all 200 reach $0.32$. Double descent is about the peak; which valley is deeper depends, once more, on what the features say is long.

**Try it.** Sixty examples. What is the largest $P<60$ at which the risk still has a variance?
"""

# %% tags=["yours"]
heavy = ...  # a whole number

exercise("rg-heavy").check(heavy)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$1/\chi^2_k$ has a variance for $k>4$, so $60-P+1\ge5$.

```python
heavy = 56
```

</details>
"""

# %% [markdown]
r"""
(headline-double-descent)=
## The headline: random ReLU features

Now the features of a network: a hidden layer of $P$ rectified units with random weights, $\phi_j(x)=\max(0,w_j^\top x)-\frac1{\sqrt{2\pi}}$ with $\|w_j\|=1$, of which only the output is trained, on $n=100$ Gaussian examples in 20 dimensions. They have mean zero; given the $w_j$ their covariance $\Sigma$ is known. With the angle $\alpha$ between $w_j$ and $w_k$ {cite:p}`cho2009`

$$
\Sigma_{jk}=\frac1{2\pi}\bigl(\sin\alpha+(\pi-\alpha)\cos\alpha-1\bigr),\qquad\operatorname{Cov}(\phi_j,\beta^\top x)=\tfrac12w_j^\top\beta .
$$ (eq-rg-arccos)

So the risk of any coefficients is a formula, without a test sample. [The theorem](#eq-rg-risk) generalises if one treats the features as if they were Gaussian with that covariance $\Sigma=\sum_i h_iv_iv_i^\top$. Let $\theta^*$ be the best coefficients and $\tau^2$ their risk. Below the threshold the first line stays. Above it, in words: **a fit through all points shrinks, in the mean, like ridge at a price $\kappa$ that nobody set, the one that leaves $n$ degrees of freedom.** Why (the picture below can be read without):

Let $\Phi v_i=\sqrt{h_i}\,z_i$; the $z_i\in\mathbb R^n$ are independent, their entries of variance one, and $K=\Phi\Phi^\top=\sum_ih_iz_iz_i^\top$. Of $v_i^\top\theta^*$ the fit $\Phi^\top K^{-1}y$ keeps in the mean the share $s_i=h_iz_i^\top K^{-1}z_i$ (all else changes its sign with $z_i$). Take direction $i$ out, $K_i=K-h_iz_iz_i^\top$, and let $a_i=z_i^\top K_i^{-1}z_i$. From $KK_i^{-1}z_i=(1+h_ia_i)\,z_i$

$$
s_i=\frac{h_ia_i}{1+h_ia_i},\qquad\sum_is_i=\operatorname{tr}K^{-1}K=n .
$$ (eq-rg-share)

As $z_i$ is independent of $K_i$, for large $n$ all $a_i$ are near one number, $\operatorname{tr}K^{-1}$; call it $\frac1\kappa$. Then $s_i=\frac{h_i}{h_i+\kappa}$, the [filter](#eq-rg-hessian) of ridge, at the price that leaves as many degrees of freedom as there are measurements. The risk needs squares, too; we quote it {cite:p}`hastie2022`:

$$
\sum_i\frac{h_i}{h_i+\kappa}=n,\qquad
R\approx\frac{\kappa^2\sum_i\dfrac{h_i(v_i^\top\theta^*)^2}{(h_i+\kappa)^2}+\tau^2}
{1-\dfrac1n\sum_i\dfrac{h_i^2}{(h_i+\kappa)^2}} .
$$ (eq-rg-kappa)
"""


# %%
def relu_covariance(W):  # W (P, d), rows of length one
    c = np.clip(W @ W.T, -1, 1)  # cos α
    return (np.sqrt(1 - c**2) + (np.pi - np.arccos(c)) * c - 1) / (2 * np.pi)


def hidden_ridge(h, n):
    return optimize.brentq(lambda k: np.sum(h / (h + k)) - n, 0, 1e3)


def gaussian_theory(h, best, tau2, n):  # best: θ* in the eigenbasis of Σ
    if len(h) < n:
        return tau2 * (1 + len(h) / (n - len(h) - 1))
    kappa = hidden_ridge(h, n)
    bias = kappa**2 * np.sum(h * best**2 / (h + kappa) ** 2)
    return (bias + tau2) / (1 - np.sum((h / (h + kappa)) ** 2) / n)


# %% tags=["set-up"]
def relu_run(P, rng, n=100, d=20, noise=0.5, with_theory=True, with_ridge=True):
    """Risk, training error, length, risk with a chosen ridge term, theory."""
    W = rng.normal(size=(P, d))
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    X = rng.normal(size=(n, d))
    y = X[:, 0] + noise * rng.normal(size=n)  # β is the first axis
    Phi = np.maximum(X @ W.T, 0) - 1 / math.sqrt(2 * np.pi)  # mean zero
    Sigma, c = relu_covariance(W), 0.5 * W[:, 0]
    risk = lambda t: 1 + noise**2 - 2 * c @ t + t @ Sigma @ t
    narrow = P <= n // 2  # there the normal equations are safe, and quick
    theta = np.linalg.solve(Phi.T @ Phi, Phi.T @ y) if narrow else shortest(Phi, y)
    ridged = expected = np.nan
    if with_ridge:
        lam, U = np.linalg.eigh(Phi @ Phi.T)
        grid = 10.0 ** np.arange(-1, 4.1, 0.5)
        shares = 1 / (np.maximum(lam, 0)[:, None] + grid)  # (n, penalties)
        solved = U @ (shares * (U.T @ y)[:, None])
        scores = np.mean((solved / (U**2 @ shares)) ** 2, 0)  # leave-one-out chooses
        ridged = risk(Phi.T @ solved[:, scores.argmin()])
    if with_theory:
        tau2 = 1 + noise**2 - c @ np.linalg.solve(Sigma, c)
        h, V = np.linalg.eigh(Sigma) if P > n else (np.ones(P), np.eye(P))
        # below the threshold the theory asks only how many directions there are
        expected = gaussian_theory(h, V.T @ c / h, tau2, n)
    return (
        risk(theta),
        np.mean((Phi @ theta - y) ** 2),
        np.linalg.norm(theta),
        ridged,
        expected,
    )


relu_widths = np.array(
    [5, 10, 20, 30, 50, 70, 85, 95, 100, 105, 115, 130, 160, 200, 400, 800]
)
rng, rng_more = np.random.default_rng(23), np.random.default_rng(29)
relu_runs = []  # for each width: (runs, 5)
for P in relu_widths:
    many = 20 if P > 300 else 60 if P > 100 else 30 if P > 30 else 80
    runs = [
        relu_run(P, rng, 100, 20, 0.5, P != 100 and (P <= 50 or k < 800 // P), k < 30)
        for k in range(many)
    ]
    if P in (20, 50):
        runs += [relu_run(P, rng_more, with_ridge=False) for _ in range(16 * P)]
    relu_runs.append(np.array(runs))
relu_mean = np.array([runs[:, 0].mean() for runs in relu_runs])
relu_se = np.array(
    [runs[:, 0].std(ddof=1) / math.sqrt(len(runs)) for runs in relu_runs]
)
relu_theory = np.array(
    [
        np.nan if P == 100 else np.nanmean(runs[:, 4])
        for P, runs in zip(relu_widths, relu_runs)
    ]
)
relu_gap_se = np.array(  # of mean minus theory; up to 50 in pairs, on the same networks
    [
        (runs[:, 0] - runs[:, 4]).std(ddof=1) / math.sqrt(len(runs)) if P <= 50 else se
        for P, runs, se in zip(relu_widths, relu_runs, relu_se)
    ]
)

# %% tags=["picture"] mystnb={"image": {"alt": "Test risk against the number of random ReLU features, both axes logarithmic: a shallow U with its bottom near thirty, a sharp peak at a hundred with a wide band, then a second descent to below the U. Before the peak the means lie on the theory, beyond it somewhat above. With a chosen ridge term there is no peak; the training risk falls to zero at a hundred."}}
fig, ax = plt.subplots(figsize=(6.8, 3.6))
band = np.array([np.quantile(runs[:, 0], (0.1, 0.9)) for runs in relu_runs]).T
ax.fill_between(relu_widths, *band, color=plot.RED, alpha=0.2, lw=0)
for side in (relu_widths < 100, relu_widths > 100):
    ax.plot(
        relu_widths[side],
        relu_theory[side],
        color=plot.GREY,
        label="theory, Gaussian features" if side[0] else None,
    )
shown = relu_widths != 100  # where the mean means something
ax.errorbar(
    relu_widths[shown],
    relu_mean[shown],
    2 * relu_se[shown],
    fmt="o",
    ms=4,
    color=plot.RED,
    label="test risk, mean ± 2 s.e.",
)
ax.plot(
    relu_widths,
    [max(runs[:, 1].mean(), 1e-3) for runs in relu_runs],
    ".--",
    lw=1,
    color=plot.BLUE,
    label="training error",
)
ax.plot(
    relu_widths,
    [np.nanmean(runs[:, 3]) for runs in relu_runs],
    ".-",
    lw=1,
    color=plot.GREEN,
    label="test risk, ridge by leave-one-out",
)
ax.axvline(100, color=plot.GREY, ls=":", lw=1)
ax.set(
    xscale="log",
    yscale="log",
    ylim=(0.1, 500),
    xlabel="random features $P$, for 100 examples",
    ylabel="risk",
)
ax.legend(fontsize=8, ncols=2)
plt.show()

# %% tags=["set-up"]
print(
    "   P   mean ± s.e.    median   middle 80 %      theory   apart in s.e.   with ridge"
)
for P, runs, m, se, t, gap_se in zip(
    relu_widths, relu_runs, relu_mean, relu_se, relu_theory, relu_gap_se
):
    low, mid, high = np.quantile(runs[:, 0], (0.1, 0.5, 0.9))
    apart = "" if P == 100 else f"{t:10.3f}{(m - t) / gap_se:12.1f}"
    print(
        f"{P:4}{m:10.3f} ± {se:<8.3f}{mid:5.2f}{low:8.2f} to {high:<8.2f}{apart:22}{np.nanmean(runs[:, 3]):12.2f}"
    )


def gaussian_runs(P, rng, networks, samples, n=100, d=20, noise=0.5):
    """Gaussian features of the same Σ: samples for each of some random networks.

    Rows: risk, theory, the mean shares sᵢ that are kept in the directions h < κ,
    κ ≤ h < 4κ, 4κ ≤ h, and those that the filter of κ keeps. All in the eigenbasis.
    """
    rows = []
    for _ in range(networks):
        W = rng.normal(size=(P, d))
        W /= np.linalg.norm(W, axis=1, keepdims=True)
        h, V = np.linalg.eigh(relu_covariance(W))
        best = V.T @ (0.5 * W[:, 0]) / h
        tau2 = 1 + noise**2 - np.sum(h * best**2)
        theory, kappa = gaussian_theory(h, best, tau2, n), hidden_ridge(h, n)
        for _ in range(samples):
            Phi = rng.normal(size=(n, P)) * np.sqrt(h)
            y = Phi @ best + math.sqrt(tau2) * rng.normal(size=n)
            inverse = Phi.T @ np.linalg.inv(Phi @ Phi.T)  # (P, n)
            risk = tau2 + ((inverse @ y - best) ** 2) @ h
            parts = np.array(
                [h < kappa, (kappa <= h) & (h < 4 * kappa), 4 * kappa <= h]
            )
            shares = np.array([(inverse * Phi.T).sum(1), h / (h + kappa)])
            means = shares @ parts.T / np.maximum(parts.sum(1), 1)  # (2, 3)
            rows.append([risk, theory, *means.ravel()])
    return np.array(rows)


rng = np.random.default_rng(31)
gauss_runs = {
    P: gaussian_runs(P, rng, networks, samples)
    for P, networks, samples in ((105, 40, 10), (160, 20, 4), (400, 6, 4))
}
print("\nGaussian features of the same Σ")
for P, runs in gauss_runs.items():
    (m, t), se = runs[:, :2].mean(0), runs[:, 0].std(ddof=1) / math.sqrt(len(runs))
    gap_se = (runs[:, 0] - runs[:, 1]).std(ddof=1) / math.sqrt(len(runs))
    print(f"{P:4}{m:10.3f} ± {se:<8.3f}{t:37.3f}{(m - t) / gap_se:12.1f}")
print("share kept at P = 160     h < κ   κ ≤ h < 4κ   4κ ≤ h")
for what, v in zip(("fit", "h / (h + κ)"), gauss_runs[160].mean(0)[2:].reshape(2, 3)):
    print("{:22}{:9.3f}{:13.3f}{:9.3f}".format(what, *v))
small = relu_widths <= 20
gauss = [
    [v.mean(), t.mean(), (v - t).std(ddof=1) / math.sqrt(len(v))]
    for v, t in (gauss_runs[P][:, :2].T for P in (160, 400))
]
where_exact = np.c_[  # mean, theory, standard error
    [relu_mean[small], relu_theory[small], relu_gap_se[small]], np.transpose(gauss)
]

# %%
m, t, se = where_exact
headline(
    "Double descent: mean risk against theory, ReLU features up to P = 20, Gaussian ones at 160 and 400",
    m,
    t,
    rtol=4 * (se / t).max(),  # four standard errors
)

# %% tags=["checks"]
equal, same_best = np.full(300, 2.0), np.full(300, 0.1)
verify(
    "theory for 300 equal directions, n = 100: signal (1 − n/P) + τ² P/(P − n)",
    gaussian_theory(equal, same_best, 0.7, 100),
    np.sum(equal * same_best**2) * (1 - 100 / 300) + 0.7 * 300 / (300 - 100),
    rtol=1e-9,
)
bottom = np.flatnonzero(relu_widths < 100)[relu_mean[relu_widths < 100].argmin()]
fall = relu_mean[bottom] - relu_mean[-1]
verify_at_least(
    "second descent: bottom of the U minus risk at P = 800, less four standard errors",
    fall - 4 * math.hypot(relu_se[bottom], relu_se[-1]),
    0,
)
excess = relu_mean / relu_theory - 1
verify_at_most(
    "up to P = 20: distance of the mean from theory, less two standard errors",
    (abs(excess) - 2 * relu_gap_se / relu_theory)[small],
    0.01,
)
at50 = list(relu_widths).index(50)
verify_at_least(
    "P = 50: excess of the mean over theory, minus four standard errors",
    excess[at50] - 4 * relu_gap_se[at50] / relu_theory[at50],
    0,
)
beyond = relu_widths >= 115
over = excess[beyond]
verify_at_least(
    "from P = 115 on: least excess of the measured mean over theory, mean excess in standard errors",
    [over.min(), (over / (relu_se / relu_theory)[beyond]).mean()],
    [0, 2],
)
above = {P: runs[:, 0] - runs[:, 1] for P, runs in gauss_runs.items()}
in_se = {P: v.mean() / v.std(ddof=1) * math.sqrt(len(v)) for P, v in above.items()}
verify_at_least(
    "Gaussian features, P = 105: mean above theory, in standard errors", in_se[105], 3
)
verify_at_most(
    "… P = 160 and 400: distance of the mean from theory, in standard errors",
    [abs(in_se[160]), abs(in_se[400])],
    3,
)
kept = gauss_runs[160][:, 2:5] - gauss_runs[160][:, 5:]
verify_at_most(
    "… P = 160, directions h < κ, κ ≤ h < 4κ, 4κ ≤ h: share kept less the filter's, in standard errors",
    abs(kept.mean(0)) / kept.std(0, ddof=1) * math.sqrt(len(kept)),
    4,
)
lengths = np.array([np.median(runs[:, 2]) for runs in relu_runs])
verify_at_most(
    "from P = 100 on: median length of the solution over that at the width before",
    (lengths[9:] / lengths[8:-1]).max(),
    1.0,
)
ridged = np.array([np.nanmean(runs[:, 3]) for runs in relu_runs])
verify_at_most(
    "ridge by leave-one-out: mean risk at the threshold over that at P = 50",
    ridged[list(relu_widths).index(100)] / ridged[list(relu_widths).index(50)],
    1.1,
)
W = np.random.default_rng(5).normal(size=(3, 20))
W /= np.linalg.norm(W, axis=1, keepdims=True)
X = np.random.default_rng(6).normal(size=(100_000, 20))
Phi = np.maximum(X @ W.T, 0) - 1 / math.sqrt(2 * np.pi)
verify(
    "three ReLU features of mean zero, 100,000 inputs: mean products",
    Phi.T @ Phi / 100_000,
    relu_covariance(W),
    atol=4 * 1.5 / math.sqrt(100_000),
)

# %% [markdown]
r"""
Up to $P=20$ the mean follows the theory within about one per cent; at 50 it is 2 to 3 % above. Beyond the threshold comes the second descent, well below the U. **Here theory and measurement part:** from $P=115$ on the measured mean lies above the theory at every width, by 4 to 13 %. Gaussian features of the same $\Sigma$, below the table, tell two causes apart. Next to the peak the formula, a limit for large $n$, is too low even for them; at $P=160$ and $400$ it is right (the shares at $160$, too), and what is left is the ReLU's. (At $P=105$ the ReLU's own mean is known to 7 % only; at $100$ a few runs make it.)

The green curve is the answer: with a ridge term chosen by leave-one-out there is no peak and no second valley: the more features, the better (but for a hundredth at the threshold). Double descent is what one sees when *nobody* decides.
"""

# %% [markdown]
r"""
(regularization-catalogue)=
## Which one?

By now there is a catalogue: weight decay, data augmentation, noise on inputs, weights or labels, early stopping, dropout, ensembles; on the shelf [semi-supervised](#semi-supervised-learning) and [multi-task](#multi-task-learning) learning, [pruning](#pruning) and [parameter sharing](#parameter-sharing). Here is a small comparison with equal tuning.

Ten data sets, each with a start of its own, of 100 training images of digits and 100 for validation, *both* with a fifth of the labels drawn by lot. The network 64-48-10, 45 steps of Adam. Every technique has one knob with four positions; each data set takes the one with the least validation loss. Only the test, on 600 other images, has clean labels. *Noise and penalty* together have the two middle positions of each. Rivals of another kind stand beside them: a *smaller learning rate*, chosen in the same way; the bare network that *trains on the validation images*, too; and two older methods with one knob, chosen by validation accuracy, $k$ *nearest neighbours* and a [support vector machine](#weight-decay-as-gaussian-prior) on Gaussian features.
"""

# %% tags=["set-up"]
SETS = 10  # setting
g = torch.Generator().manual_seed(0)
draws = torch.stack([torch.randperm(1797, generator=g)[:800] for _ in range(SETS)])
noisy = torch.stack([by_lot(classes[row[:200]], g) for row in draws])  # (SETS, 200)
rows_train, rows_val, rows_test = (
    draws[:, :100],
    draws[:, 100:200],
    draws[:, 200:],
)  # train, validate, test
bordered = F.pad(images.view(-1, 8, 8), (1, 1, 1, 1))
shifted = torch.stack(
    [bordered[:, i : i + 8, j : j + 8].flatten(1) for i in range(3) for j in range(3)]
)  # (9, 1797, 64), the image itself at index 4


def repeated(x, knob):
    """x, which has a row for each data set, once for every position of the knob."""
    return x.repeat(len(knob) // SETS, *[1] * (x.ndim - 1))


def nll(logits, y):
    """Mean negative log-likelihood of each network, (S,)."""
    return F.cross_entropy(logits.mT, y, reduction="none").mean(1)


def train_side_by_side(
    loss,
    knobs=(0.0,),
    steps=45,
    lr=0.015,
    sizes=(64, 48, 10),
    seed=1,
    looks=(),
    rows=rows_train,
    own=False,
):
    """By position of the knob, or by look (copies at these steps): SETS networks.

    Own: knobs has one position for each data set.
    """
    knob = torch.as_tensor(knobs)
    if not own:
        knob = knob.repeat_interleave(SETS, 0)  # all positions at once
    W = [repeated(w.detach(), knob) for w in several_networks(SETS, sizes, seed)]
    W = [w.requires_grad_() for w in W]
    adam, kept = torch.optim.Adam(W, lr=lr, fused=True), []
    draw = torch.Generator().manual_seed(seed)
    for t in range(1, steps + 1):
        adam.zero_grad()
        loss(W, knob, draw, rows).sum().backward()
        adam.step()
        if t in looks:
            kept.append([w.detach().clone() for w in W])
    return kept or list(zip(*(w.detach().split(SETS) for w in W)))


def scores(predict):
    """Validation loss and test accuracy for each data set."""
    with torch.no_grad():
        loss = nll(predict(images[rows_val]), noisy[:, 100:])
        hits = (
            (predict(images[rows_test]).argmax(-1) == classes[rows_test])
            .double()
            .mean(1)
        )
    return [x.numpy() for x in (loss, hits)]


def fit_loss(W, X, knob):
    return nll(outputs(W, X), repeated(noisy[:, : X.shape[1]], knob))


def bare_loss(W, knob, draw, rows=rows_train):
    return fit_loss(W, repeated(images[rows], knob), knob)


def squares(W):
    return sum((w[:, :-1] ** 2).sum((1, 2)) for w in W)


def masked(W, drop, draw, rows=rows_train):  # the positions share their random numbers
    lot = lambda Z: repeated(torch.rand(SETS, *Z.shape[1:], generator=draw), drop)
    keep = lambda Z, q: Z * (lot(Z) < q) / q
    q = 1 - drop[:, None, None]
    X = keep(repeated(images[rows], drop), (2 + q) / 3)
    hidden = outputs(W[:1], X).relu()
    return fit_loss(W[1:], keep(hidden, q), drop)


def jittered(W, share, draw, rows=rows_train):
    which = repeated(torch.randint(9, rows.shape, generator=draw), share)
    lot = repeated(torch.rand(rows.shape, generator=draw), share)
    image = torch.where(lot < share[:, None], which, 4)
    return fit_loss(W, shifted[image, repeated(rows, share)], share)


def smoothed(W, eps, draw, rows=rows_train):
    logits = outputs(W, repeated(images[rows], eps))
    hard = nll(logits, repeated(noisy[:, : rows.shape[1]], eps))
    return (1 - eps) * hard - eps * logits.mT.log_softmax(1).mean((1, 2))


def noised(W, s, draw, rows=rows_train):
    X = images[rows]
    noise = repeated(torch.randn(X.shape, generator=draw), s)
    return fit_loss(W, repeated(X, s) + s[:, None, None] * noise, s)


# %% tags=["set-up"]
crowd_nets = [train_side_by_side(bare_loss, seed=s)[0] for s in (1, 21, 22, 23, 24)]
how = {  # loss and four positions of the knob
    "penalty": (  # ½λ‖W‖² in the loss
        lambda W, lam, *rest: bare_loss(W, lam, *rest) + lam / 2 * squares(W),
        (0.005, 0.015, 0.04, 0.1),
    ),
    "dropout": (masked, (0.2, 0.4, 0.6, 0.8)),
    "input noise": (noised, (0.2, 0.4, 0.6, 1.0)),
    "shifted images": (jittered, (0.25, 0.5, 0.75, 1.0)),
    "label smoothing": (smoothed, (0.03, 0.1, 0.3, 0.6)),
    "noise and penalty": (
        lambda W, both, *rest: (
            noised(W, both[:, 0], *rest) + both[:, 1] / 2 * squares(W)
        ),
        list(itertools.product((0.4, 0.6), (0.015, 0.04))),
    ),
}


def slower_and_shorter(rows):
    """The networks of four rates, and those of four moments."""
    rates = 0.0015, 0.0022, 0.0037, 0.006
    return {
        "smaller rate": [
            train_side_by_side(bare_loss, lr=lr, rows=rows)[0] for lr in rates
        ],
        "early stopping": train_side_by_side(
            bare_loss, steps=34, looks=(6, 11, 20, 34), rows=rows
        ),
    }


catalogue = slower_and_shorter(rows_train) | {
    name: train_side_by_side(*pair) for name, pair in how.items()
}
compared = list(catalogue)[:6]  # the smaller rate and the five
results = {  # for each technique and position: validation losses and test accuracies
    name: [scores(lambda X: outputs(W, X)) for W in nets]
    for name, nets in catalogue.items()
}
results["ensemble of 2 to 5"] = [
    scores(lambda X: sum(outputs(W, X).softmax(-1) for W in crowd_nets[:M]).log())
    for M in (2, 3, 4, 5)
]
bare = scores(lambda X: outputs(crowd_nets[0], X))[1]
(both,) = train_side_by_side(bare_loss, rows=draws[:, :200])
older = {
    "k nearest neighbours": [neighbors.KNeighborsClassifier(k) for k in (1, 3, 5, 9)],
    "SVM": [svm.SVC(C=C) for C in (0.3, 1, 3, 10)],
}
older_hits = {name: [] for name in older}  # for each set: (4, 2), validation and test
refitted = {name: [] for name in older}  # the chosen one, on all 200: test accuracy
for rows, labels in zip(draws, noisy.numpy()):
    X, truth = images[rows].numpy(), classes[rows].numpy()
    for name, models in older.items():
        older_hits[name].append([])
        for classifier in models:
            guess = classifier.fit(X[:100], labels[:100]).predict(X[100:])
            hit = (
                np.mean(guess[:100] == labels[100:]),
                np.mean(guess[100:] == truth[200:]),
            )
            older_hits[name][-1].append(hit)
        best = models[np.argmax(older_hits[name][-1], 0)[0]].fit(X[:200], labels)
        refitted[name].append(np.mean(best.predict(X[200:]) == truth[200:]))
refitted = {name: np.array(hits) for name, hits in refitted.items()}
slow_nets = slower_and_shorter(draws[:, :200])
accuracies = {"nothing": bare}
for name, rows in results.items():
    losses, hits = (np.array(x) for x in zip(*rows))  # (4, SETS)
    at = losses.argmin(0)
    accuracies[name] = hits[at, np.arange(SETS)]
    if name in slow_nets:
        hits = np.array([scores(lambda X: outputs(W, X))[1] for W in slow_nets[name]])
        refitted[name] = hits[at, np.arange(SETS)]
    elif name in compared:
        loss, knobs = how[name]
        (W,) = train_side_by_side(
            loss, torch.tensor(knobs)[at], rows=draws[:, :200], own=True
        )
        refitted[name] = scores(lambda X: outputs(W, X))[1]
accuracies["nothing, 200 images"] = scores(lambda X: outputs(both, X))[1]
for name, hits in older_hits.items():
    hits = np.array(hits)  # (SETS, 4, 2)
    at = hits[..., 0].argmax(1)
    accuracies[name] = hits[np.arange(SETS), at, 1]
positions = {
    name: np.bincount(np.argmin([r[0] for r in rows], 0), minlength=4)
    for name, rows in results.items()
}
for name, hits in older_hits.items():
    positions[name] = np.bincount(np.array(hits)[..., 0].argmax(1), minlength=4)


def paired(one, other, sets=SETS):
    """Accuracy of one minus the other on the same sets: mean, standard error."""
    apart = accuracies[one][:sets] - accuracies[other][:sets]
    return apart.mean(), apart.std(ddof=1) / math.sqrt(sets)


print("row minus column on the same ten sets, in points ± standard error;")
print("last, the row minus nothing, both trained on all 200")
names = [*(name.split()[0] for name in compared[:-1]), "on all 200"]
print(" " * 14 + "".join(f"{name:>12}" for name in names))
bare200 = accuracies["nothing, 200 images"]
for k, one in enumerate(compared):
    cells = [np.multiply(paired(one, other), 100) for other in compared[:k]]
    ahead = 100 * (refitted[one] - bare200)
    row = "".join(f"{m:6.1f} ± {se:.1f}" for m, se in cells)
    last = f"{ahead.mean():7.1f} ± {ahead.std(ddof=1) / SETS**0.5:.1f}"
    print(f"{one:14}{row:60}{last}")

# %% tags=["picture"] mystnb={"image": {"alt": "Accuracy gained over the bare network for twelve techniques and rivals, sorted, with error bars of two standard errors that are one to three points wide to each side. Label smoothing and the ensemble are near zero, five regularisers between four and eight, the support vector machine leads with nearly eleven. Hollow circles, with the chosen knob refitted on all 200 images, lie six to eight points further right. Dotted lines: the bare network on 100 and on 200."}}
ranked = sorted(list(accuracies)[1:], key=lambda name: accuracies[name].mean())
no_restraint = ("smaller rate", "nothing, 200 images", *older)
fig, ax = plt.subplots(figsize=(6.8, 3.9))
for row, name in enumerate(ranked):
    gain = 100 * (accuracies[name] - bare)
    colour = plot.GREY if name in no_restraint else plot.RED
    ax.errorbar(
        gain.mean(),
        row,
        xerr=2 * gain.std(ddof=1) / SETS**0.5,
        fmt="o",
        ms=5,
        color=colour,
    )
    if name in refitted:
        ax.plot(
            100 * (refitted[name] - bare).mean(), row, "o", ms=6, mfc="w", mec=colour
        )
    ax.text(20, row, "  ".join(map(str, positions.get(name, []))), va="center")
ax.text(20, len(ranked), "position", va="center", fontsize=9)
for nothing in (bare, bare200):
    ax.axvline(100 * (nothing - bare).mean(), color=plot.GREY, ls=":", lw=1)
ax.set_yticks(
    range(len(ranked)), [f"{name}  {accuracies[name].mean():.3f}" for name in ranked]
)
ax.set(
    xlim=(-2, 24),
    xticks=range(0, 20, 5),
    xlabel=f"accuracy gained over nothing ({bare.mean():.3f}), in points, ± 2 s.e.",
)
plt.show()

# %% [markdown]
r"""
Rivals are grey; on the right, how many of the ten sets chose each position of the knob. A gain is known to one to three points. Five techniques gain about four to eight, and on the same sets (the table) only input noise stands out, before the penalty and early stopping. **Training less boldly does nearly as well:** a smaller learning rate, [early stopping](#eq-rg-clock) by another name, gains what early stopping and dropout do. Tuning need not cost data: choose the knob, then train on all 200 (hollow circles). Each of the five is then about five to seven points ahead of the bare network on 200 (the last column). They do not add up: noise and penalty together gain no more than noise.

Label smoothing corrects how sure the network is, but hardly which class wins. The ensemble's members have learnt the same false labels; what they share [is not averaged away](#eq-rg-ensemble).

Two grey rows put all this in its place. A few nearest neighbours, without training, do as well as the best of these networks, and the support vector machine, a [penalty on length](#ridge-filter) in other *features*, does better than any of them. Among the five, *which* one decides matters less than *that* one does; what the features say is long matters, too.
"""

# %% tags=["checks"]
gains = {name: acc - bare for name, acc in accuracies.items() if name != "nothing"}
lower = {
    name: v.mean() - 2 * v.std(ddof=1) / math.sqrt(SETS) for name, v in gains.items()
}
first_five = ("penalty", "early stopping", "dropout", "input noise", "shifted images")
verify_at_least(
    "five regularisers: accuracy gained over nothing, minus two standard errors",
    [lower[name] for name in first_five],
    0,
)
verify_at_least(
    "a smaller learning rate alone: share of the mean gain of these five",
    gains["smaller rate"].mean() / np.mean([gains[name] for name in first_five]),
    0.5,
)
verify_at_least(
    "input noise, over the smaller rate, the penalty, early stopping: paired gain in standard errors",
    [np.divide(*paired("input noise", name)) for name in compared[:3]],
    2,
)
ahead = np.array([refitted[name] - bare200 for name in first_five])  # (5, SETS)
verify_at_least(
    "the five refitted on all 200, over nothing on 200: accuracy gained, minus three standard errors",
    ahead.mean(1) - 3 * ahead.std(1, ddof=1) / math.sqrt(SETS),
    0,
)
verify_at_least(
    "paired differences among the five: within two standard errors",
    sum(
        abs(m) < 2 * se
        for m, se in itertools.starmap(paired, itertools.combinations(first_five, 2))
    ),
    5,
)
five = [accuracies[name].mean() for name in first_five]
verify_at_most(
    "the five: best over worst, as a share of the worst one's gain over nothing",
    (max(five) - min(five)) / (min(five) - bare.mean()),
    1,
)
mean, se = paired("noise and penalty", "input noise")
verify_at_most(
    "noise and penalty together, over noise: accuracy gained, less two standard errors",
    mean - 2 * se,
    0,
)
behind = [
    paired("SVM", name)
    for name in results
    if name not in ("input noise", "noise and penalty")
]
verify_at_least(
    "SVM over each technique but input noise, and over that: gain in standard errors",
    [min(m / se for m, se in behind), np.divide(*paired("SVM", "input noise"))],
    [2.5, 1.5],
)
verify_at_most(
    "k nearest neighbours and input noise: distance in standard errors",
    abs(np.divide(*paired("k nearest neighbours", "input noise"))),
    2,
)
verify_at_most(
    "label smoothing and the ensemble: largest gain over the mean gain of the five",
    max(gains[name].mean() for name in ("label smoothing", "ensemble of 2 to 5"))
    / np.mean([gains[name] for name in first_five]),
    0.5,
)

# %% [markdown]
r"""
(rg-practice)=
## In practice

All of it is a few arguments: `weight_decay` of the optimiser, `Dropout` and `BatchNorm1d` as layers, and a validation loss that is watched. Here is a loop to copy, with decay for the matrices only, not for biases and batch norm's $\gamma,\beta$.
"""


# %%
def make_model():
    return nn.Sequential(
        nn.Linear(64, 64, bias=False),  # setting
        nn.BatchNorm1d(64),  # setting
        nn.ReLU(),
        nn.Dropout(0.5),  # setting
        nn.Linear(64, 10),  # setting
    )


# %%
def make_optimizer(model):
    groups = [
        {
            "params": [w for w in model.parameters() if w.ndim > 1],
            "weight_decay": 0.05,
        },  # setting
        {
            "params": [w for w in model.parameters() if w.ndim == 1],
            "weight_decay": 0.0,
        },  # setting
    ]
    return torch.optim.AdamW(groups, lr=0.005)  # setting


# %%
def train_epoch(model, optimizer, X, y):
    model.train()
    for rows in torch.randperm(len(X)).split(50):  # setting
        optimizer.zero_grad()
        F.cross_entropy(model(X[rows]), y[rows]).backward()
        optimizer.step()


def validation_loss(model, X, y):
    model.eval()
    with torch.no_grad():
        return F.cross_entropy(model(X), y).item()


# %%
def fit_model(model, X, y, X_val, y_val, epochs=60, patience=10):  # setting
    optimizer, stop = make_optimizer(model), EarlyStopping(patience)
    for _ in range(epochs):
        train_epoch(model, optimizer, X, y)
        loss = validation_loss(model, X_val, y_val)
        if stop(loss, copy.deepcopy(model.state_dict())):
            break
    model.load_state_dict(stop.state)
    return stop.best


# %% tags=["set-up"]
practice = []
for seed in range(5):
    torch.manual_seed(seed)
    last_rows, labels = draws[seed], noisy[seed]
    model = make_model()
    best_loss = fit_model(
        model,
        images[last_rows[:100]],
        labels[:100],
        images[last_rows[100:200]],
        labels[100:],
    )
    practice.append(
        [hit_rate(model, images[last_rows[200:]], classes[last_rows[200:]]), bare[seed]]
    )
practice = np.array(practice)
print(
    f"five data sets: {practice[:, 0].mean():.3f} with everything, {practice[:, 1].mean():.3f} with nothing"
)
for name in ("input noise", "penalty", "dropout", "smaller rate"):
    print(f"{name + ' alone, tuned':28}{accuracies[name][:5].mean():.3f}")

# %% [markdown]
r"""
Everything together, untuned, is no better than one tuned restraint. The decay is hardly there: $\lambda=0.05$ at rate $\eta=0.005$ takes away $1-(1-\eta\lambda)^{120}=3\,\%$ in at most 120 steps. In a short training $\eta\lambda$ times the steps counts.
"""

# %% tags=["checks"]
model.eval()
again = F.cross_entropy(model(images[last_rows[100:200]]), labels[100:])
verify("the best parameters are back: validation loss", again, best_loss, rtol=1e-5)
lead = practice[:, 0] - practice[:, 1]
verify_at_least(
    "everything together: accuracy gained over nothing, minus two standard errors",
    lead.mean() - 2 * lead.std(ddof=1) / math.sqrt(5),
    0,
)
one_alone = accuracies["input noise"][:5] - practice[:, 0]
verify_at_least(
    "input noise alone over everything together: accuracy gained, minus two standard errors",
    one_alone.mean() - 2 * one_alone.std(ddof=1) / math.sqrt(5),
    0,
)

# %% [markdown]
r"""
(rg-beware)=
## Beware

**Forgetting `eval()`.** Dropout then still drops, and batch norm still looks at its batch. The model above, asked two images at a time, and a layer with **dropout in front of batch norm**. Inverted dropout leaves the mean of an input $x$ alone but raises its second moment by the factor $\frac1q$: the surplus $\frac{1-q}q\,\mathbb E x^2$ is variance. With inputs far from mean zero, as here, that is more than the variance itself. The batch norm learns the large variance, and at test time meets the small one.
"""

# %% tags=["set-up"]
model.train()
with torch.no_grad():
    pairs = [
        (model(images[two]).argmax(1) == classes[two]).double().mean().item()
        for two in last_rows[200:].split(2)
    ]
model.eval()
careful, careless = (
    hit_rate(model, images[last_rows[200:]], classes[last_rows[200:]]),
    np.mean(pairs),
)
dropped_input = nn.Sequential(nn.Dropout(0.5), nn.Linear(64, 256), nn.BatchNorm1d(256))
variances = {}
for mode in (True, False):
    dropped_input[0].train(mode)
    with torch.no_grad():
        variances[mode] = dropped_input[:2](images).var(0)
print(f"the same network: {careful:.2f} with eval(), {careless:.2f} without, in pairs")
print(
    f"input dropout: variance before batch norm in training over test {(variances[True] / variances[False]).median():.2f}"
)

# %% tags=["checks"]
verify_at_least(
    "pairs of images in training mode: accuracy lost", careful - careless, 0.2
)
first = dropped_input[1]
with torch.no_grad():
    inputs = images.double()
    extra = (inputs**2).mean(
        0
    ) @ first.weight.double().T ** 2  # (1 − q)/q = 1 for q = ½
    still = variances[False].double()
verify(
    "dropped inputs, q = ½: variance added to each unit, relative to its variance at test",
    ((variances[True].double() - still) / still).mean(),
    (extra / still).mean(),
    rtol=0.1,
)

# %% [markdown]
r"""
**"The training loss in my log is the loss on the training images."** It is the loss of thinned networks, on batch statistics. It hides overfitting: it may look like the validation loss, computed after `eval()`, while the loss on the training images in that mode is a fraction.

**"`weight_decay` of Adam is weight decay."** It is the penalty, and Adam divides its gradient, too, by the size $\sigma$ of the recent ones: a weight decays by about $\frac{\eta\lambda}\sigma$ a step. `AdamW` takes $\eta\lambda$ from all.
"""

# %% tags=["set-up"]
torch.manual_seed(0)
logs = []
for _ in range(3):
    logged = make_model()
    adamw = make_optimizer(logged)
    for _ in range(10):
        train_epoch(logged, adamw, images[:300], classes[:300])
    new = validation_loss(logged, images[300:600], classes[300:600])
    same = validation_loss(logged, images[:300], classes[:300])
    logged.train()
    parts = zip(images[:300].split(50), classes[:300].split(50))
    with torch.no_grad():
        logs.append(
            [np.mean([F.cross_entropy(logged(*p[:1]), p[1]) for p in parts]), same, new]
        )
logs = np.array(logs)
print("three runs, loss on the training images: logged, after eval(); validation loss")
print("\n".join("{:48.2f}{:14.2f}{:18.2f}".format(*row) for row in logs))
decayed_weights = {}
for optimizer in (torch.optim.Adam, torch.optim.AdamW):
    w = torch.ones(2, 3000, requires_grad=True)
    moves = optimizer([w], lr=0.01, weight_decay=0.1, fused=True)
    for _ in range(1000):
        w.grad = torch.tensor([[1.0], [10.0]]) * torch.randn(
            2, 3000
        )  # nothing but noise
        moves.step()
    decayed_weights[optimizer.__name__] = w.detach().double()
print("\n1000 steps, gradients of size 1 and 10: share of the weights that is left")
for name, w in decayed_weights.items():
    print(f"{name:8}{w[0].mean():40.3f}{w[1].mean():10.3f}")

# %% tags=["checks"]
verify_at_most(
    "three runs: loss on the training images after eval() over the logged one, and logged over validation",
    [(logs[:, 1] / logs[:, 0]).max(), (logs[:, 0] / logs[:, 2]).max()],
    [0.6, 1.2],
)
verify_within_se(
    "AdamW, gradients of size 1 and 10: share left after 1000 steps",
    decayed_weights["AdamW"].flatten(),
    (1 - 0.01 * 0.1) ** 1000,
)
verify(
    "Adam: share left, against decay by ηλ over the size of the gradients",
    decayed_weights["Adam"].mean(1),
    np.exp(-0.01 * 0.1 * 1000 / np.array([1, 10])),
    atol=0.02,
)

# %% [markdown]
r"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""

# %% [markdown]
r"""
:::{exercise} Half of the parameters
:label: ex-rg-half-dof
The singular values of $X$ are $9,5,2,1,0.5,0.1$. Which $\lambda$ leaves three effective degrees of freedom?
:::
"""

# %% tags=["yours"]
half_dof = ...  # a number

exercise("rg-half-dof").check(half_dof)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Solve $\sum_i\sigma_i^2/(\sigma_i^2+\lambda)=3$; the left side falls, so one root finder does it.

```python
half_X = np.diag([9, 5, 2, 1, 0.5, 0.1])
half_dof = optimize.brentq(lambda lam: degrees_of_freedom(half_X, lam) - 3, 1e-6, 1e6)
```

</details>

:::{exercise} Layer norm backwards
:label: ex-rg-layer-norm
[Layer norm](#normalization-variants) normalises each row of $x$ (shape $(n,d)$) instead of each column. Write its gradient with respect to $x$, given the gradient of its output (no $\gamma$, $\beta$; $\epsilon=10^{-5}$).
:::
"""

# %% tags=["yours"]
layer_norm_backward = ...  # a function of x and grad

exercise("rg-layer-norm").check(layer_norm_backward)

# %% [markdown]
r"""
<details><summary>Solution</summary>

[Batch norm's](#eq-rg-bn-backward), with the other axis.

```python
def layer_norm_backward(x, grad):
    _, x_hat, r = bn_forward(x.T, 1.0, 0.0)
    return bn_backward(grad.T, x_hat, r, 1.0)[0].T
```

</details>

:::{exercise} Decay forgets the start
:label: ex-rg-limit-point
Gradient descent on $\frac12\|X\theta-y\|^2$ with weight decay $\lambda$, from any start. Write $\theta_t$ without a loop. What becomes of the free part of the start, and how fast?
:::
"""

# %% tags=["yours"]
decayed_walk = ...  # a function of X, y, start, eta, lam, t

exercise("rg-limit-point").check(decayed_walk)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The fixed point is the ridge solution, and the distance from it is multiplied by $(1-\eta\lambda)I-\eta X^\top X$ in each step. In the null space that is $(1-\eta\lambda)^t$: slow, but what the data leave open is forgotten.

```python
def decayed_walk(X, y, start, eta, lam, t):
    H, identity = X.T @ X, np.eye(X.shape[1])
    goal = np.linalg.solve(H + lam * identity, X.T @ y)
    step = (1 - eta * lam) * identity - eta * H
    return goal + np.linalg.matrix_power(step, t) @ (start - goal)
```

</details>
"""

# %% [markdown]
r"""
(rg-summary)=
## Summary

The data leave freedom. What decides is a length: the one that gradient descent keeps short unasked, or one that a penalty, a clock or a noise puts a price on. And the features say what is long.

| idea | formula | where |
|---|---|---|
| implicit bias | $\theta_\infty=X^+y+(I-X^+X)\theta_0$ | [limit](#eq-rg-implicit) |
| weight decay | $\theta\leftarrow(1-\eta\lambda)\theta-\eta\nabla\ell$; direction $i$ keeps $\frac{h_i}{h_i+\lambda}$ | [update](#eq-rg-decay), [filter](#eq-rg-hessian) |
| degrees of freedom | $\sum_i\sigma_i^2/(\sigma_i^2+\lambda)$ | [trace](#eq-rg-dof) |
| leave one out | $(y_i-\hat y_i)/(1-S_{ii})$ | [one fit](#eq-rg-loo) |
| early stopping | $1-(1-\eta h)^t\approx\frac h{h+\lambda}$ with $\lambda=\frac1{\eta t}$, at most $0.204$ apart for small steps | [filters](#eq-rg-filters) |
| input noise | ridge with $\lambda=ns^2$ | [noise](#eq-rg-noise) |
| ensembles | variance $\rho v+\frac{1-\rho}Mv$ | [variance](#eq-rg-ensemble) |
| dropout | scale by $q$; on a linear model $\lambda_j=\frac{1-q}q\sum_ix_{ij}^2$ | [penalty](#eq-rg-dropout) |
| batch norm | $\hat x=(x-\mu)/\sqrt{v+\epsilon}$; behind it decay sets the effective step $\eta/\lVert w\rVert^2$ | [formula](#eq-rg-bn), [step](#eq-rg-effective) |
| double descent | $\tau^2\frac{n-1}{n-P-1}$, peak at $P=n$, then $(1-\frac nP)\lVert\beta_T\rVert^2+\tau^2\frac{P-1}{P-n-1}$ | [risk](#eq-rg-risk) |

**Further reading.** {cite:t}`hastie2009` for shrinkage and bagging, {cite:t}`goodfellow2016` for the whole catalogue, {cite:t}`hastie2022` for the theory of the headline, {cite:t}`zhang2017` for networks that learn labels by lot, {cite:t}`nakkiran2020` for double descent in large networks.
"""

# %% [markdown]
r"""
(rg-shelf)=
## The shelf

What is consulted rather than read: relatives, conditions, reference entries. Each can be read alone.

(overfitting-with-limited-data)=
### Many parameters, few examples

A network with thousands of weights can agree with thirty images in countless ways. The more images, the fewer ways remain, and the gap between training and test accuracy closes. The network 64-96-96-10 of [Dropout](#dropout), correct labels, three draws each.
"""

# %% tags=["set-up"]
gaps = {}
for n in (30, 100, 400):
    for seed in range(3):
        order = torch.randperm(1797, generator=torch.Generator().manual_seed(seed))
        torch.manual_seed(seed)
        net = train_digits(
            digit_network(0.0), images[order[:n]], classes[order[:n]], 35
        )
        few, new = order[:n], order[-390:]
        gap = hit_rate(net, images[few], classes[few]) - hit_rate(
            net, images[new], classes[new]
        )
        gaps.setdefault(n, []).append(gap)
print("images   training accuracy − test accuracy (mean ± s.d.)")
for n, gap in gaps.items():
    print(f"{n:6}{np.mean(gap):12.3f} ± {np.std(gap, ddof=1):.3f}")

# %% tags=["checks"]
closing = [np.mean(gap) for gap in gaps.values()]
verify_at_most(
    "gap at 100 and 400 images over the one before",
    np.array(closing[1:]) / closing[:-1],
    0.75,
)

# %% [markdown]
r"""
(weight-decay-as-gaussian-prior)=
### Weight decay as a Gaussian prior, and its relatives

Suppose $\theta\sim\mathcal N(0,\tau^2I)$ before seeing data, and $y=X\theta+\text{noise}$ of variance $s^2$. Bayes' rule multiplies the densities; minus the logarithm adds:

$$
-\log p(\theta\mid y)=\frac1{2s^2}\|y-X\theta\|^2+\frac1{2\tau^2}\|\theta\|^2+\text{const}.
$$ (eq-rg-map)

Times $s^2$ this is ridge with $\lambda=s^2/\tau^2$: the most probable $\theta$ (*maximum a posteriori*, MAP) is the ridge solution. A Laplace prior $\prod_j\frac1{2b}e^{-\lvert\theta_j\rvert/b}$ turns in the same way into the lasso, with $\lambda=s^2/b$ beside $\frac12\|y-X\theta\|^2$. The same quadratic, with the [hinge loss](#hinge-loss), is the margin term of the support vector machine, since the distance between $w^\top x=\pm1$ is $2/\|w\|$; [early stopping](#early-stopping-equals-l2) and [input noise](#noise-robustness) act alike.
"""

# %% tags=["checks"]
rng = np.random.default_rng(1)
X, y = rng.normal(size=(15, 4)), rng.normal(size=15)
covariance = 0.4**2 * X @ X.T + 0.7**2 * np.eye(15)  # of y; τ = 0.4, s = 0.7
verify(
    "the joint Gaussian conditioned on y: its mean is ridge with λ = s²/τ²",
    0.4**2 * X.T @ np.linalg.solve(covariance, y),
    linear_model.Ridge(alpha=0.7**2 / 0.4**2, fit_intercept=False).fit(X, y).coef_,
    atol=1e-10,
)
lasso = (
    linear_model.Lasso(alpha=0.7**2 / 0.3 / 15, fit_intercept=False, tol=1e-12)
    .fit(X, y)
    .coef_
)
minus_log = lambda w: (  # w (..., 4)
    -stats.norm(w @ X.T, 0.7).logpdf(y).sum(-1)
    - stats.laplace(0, 0.3).logpdf(w).sum(-1)
)
nearby = lasso + 0.01 * rng.normal(size=(300, 4))
verify_at_least(
    "Laplace prior, b = 0.3: minus log posterior at 300 points near the lasso with λ = s²/b, over its value there",
    minus_log(nearby).min() - minus_log(lasso),
    0,
)

# %% [markdown]
r"""
(layerwise-norm-bound)=
### A wall instead of a spring

Instead of paying for length one may forbid it: after each step put a layer with $\|W\|_F>c$ back to the nearest allowed point, which lies on the same ray,

$$
W\leftarrow W\min\Bigl(1,\frac c{\|W\|_F}\Bigr).
$$ (eq-rg-project)

Each layer may have its own $c$, other norms ($L_3,\dots,L_\infty$) will do, and penalties can be given to chosen layers alike. Here on the [noisy digits](#regularization-catalogue), all ten data sets: the test loss has its U in $c$.
"""


# %%
def project(W, c):  # W (S, in, out)
    return W * (c / W.flatten(1).norm(dim=1)).clamp(max=1)[:, None, None]


# %% tags=["set-up"]
bounds = torch.tensor([0.5, 2.0, 8.0, 16.0])
each = bounds.repeat_interleave(SETS)  # four bounds times ten data sets, side by side
W = [repeated(w.detach(), each) for w in several_networks(SETS, (64, 48, 10), 1)]
adam = torch.optim.Adam([w.requires_grad_() for w in W], lr=0.01, fused=True)
for _ in range(60):
    adam.zero_grad()
    bare_loss(W, each, None).sum().backward()
    adam.step()
    with torch.no_grad():
        for w in W:
            w[:, :-1] = project(w[:, :-1], each)
with torch.no_grad():
    lengths = torch.stack([w[:, :-1].flatten(1).norm(dim=1) for w in W])
    bounded_norm = lengths.view(2, 4, SETS).amax((0, 2)).numpy()
    logits = outputs(W, repeated(images[rows_test], each))
    bounded_loss = nll(logits, repeated(classes[rows_test], each)).view(4, SETS).mean(1)
print("c         " + "".join(f"{c:8.1f}" for c in bounds))
print("test loss " + "".join(f"{loss:8.2f}" for loss in bounded_loss))

# %% tags=["checks"]
verify_at_most("largest norm over its bound", bounded_norm / bounds, 1.0, atol=1e-5)
verify_at_least(
    "test loss with the tightest and with the loosest bound, over the best",
    bounded_loss[[0, -1]] / bounded_loss.min(),
    1.1,
)
W0 = np.random.default_rng(2).normal(size=12)
nearest = optimize.minimize(
    lambda w: ((w - W0) ** 2).sum(),
    np.zeros(12),
    method="SLSQP",
    tol=1e-12,
    constraints={"type": "ineq", "fun": lambda w: 1.5**2 - w @ w},
).x
verify(
    "projection to norm 1.5, against constrained minimisation",
    project(torch.tensor(W0).view(1, 3, 4), 1.5).flatten(),
    nearest,
    atol=1e-5,
)

# %% [markdown]
r"""
(norms-are-convex-regularizers)=
### Norms keep convexity

For $p\ge1$ the [norm](#lp-norms) $\|\theta\|_p$ is convex: by the triangle inequality and homogeneity

$$
\|t\theta+(1-t)\theta'\|\le\|t\theta\|+\|(1-t)\theta'\|=t\|\theta\|+(1-t)\|\theta'\| .
$$

A sum of convex functions [is convex](#convexity-preserving-operations), so penalised linear regression stays convex. No norm is linear, since $\|{-\theta}\|=\|\theta\|$. For $p<1$ the inequality fails: with $p=\frac12$ both $(1,0)$ and $(0,1)$ have length 1, their midpoint has $(2\sqrt{1/2})^2=2$.
"""

# %% tags=["checks"]
rng = np.random.default_rng(3)
u, w = rng.normal(size=(2, 20_000, 3))
middle = {
    p: [(abs(z) ** p).sum(1) ** (1 / p) for z in ((u + w) / 2, u, w)]
    for p in (0.5, 1, 1.5, 3)
}
above = {p: (m - (a + b) / 2).max() for p, (m, a, b) in middle.items()}
verify_at_most(
    "p = 1, 1.5, 3: largest height over 20,000 chords",
    [above[p] for p in (1, 1.5, 3)],
    0,
    atol=1e-12,
)
verify_at_least("p = ½: largest height over a chord", above[0.5], 1)

# %% [markdown]
r"""
(weight-magnitude-as-importance)=
### Is a large weight an important one?

A weight that a penalty drove to zero was not needed. Among inputs on *comparable scales* the size of the others is a hint of importance: of twenty inputs, five relevant, the lasso's five largest weights are the right ones nearly always. Multiply an input by a thousand, and its weight becomes a thousand times smaller while its influence stays.
"""

# %% tags=["checks"]
rng, hits = np.random.default_rng(5), 0
for _ in range(100):
    X, w = rng.normal(size=(100, 20)), np.zeros(20)
    relevant = rng.choice(20, 5, replace=False)
    w[relevant] = rng.choice([-1, 1], 5) * rng.uniform(0.7, 1.5, 5)
    y = X @ w + rng.normal(size=100)
    found = linear_model.Lasso(alpha=0.1, fit_intercept=False).fit(X, y).coef_
    hits += set(np.argsort(abs(found))[-5:]) == set(relevant)
verify_at_least(
    "100 runs: the five largest weights are the relevant ones", int(hits), 95
)
X[:, relevant[0]] *= 1000  # the same data in other units
rescaled = linear_model.Lasso(alpha=0.1, fit_intercept=False).fit(X, y).coef_
verify_at_most(
    "an important input in other units: its weight over the least of the other four",
    abs(rescaled[relevant[0]]) / abs(rescaled[relevant[1:]]).min(),
    0.01,
)

# %% [markdown]
r"""
(pruning)=
### Pruning

Remove weights after training: the smallest; those with small *sensitivity* $\lvert w\,\partial\ell/\partial w\rvert$, the first-order estimate of what removal costs; or random ones. At a minimum the gradient vanishes, and with it the first-order estimate. *Optimal brain damage* {cite:p}`lecun1990` therefore uses the second order, $\frac12w^2\,\partial^2\ell/\partial w^2$. Test accuracy of three networks trained on 400 digits.
"""

# %% tags=["set-up"]
shares, pruned = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9), {}
for seed in range(3):
    torch.manual_seed(seed)
    net = train_digits(digit_network(0.0), images[:400], classes[:400], 60)
    F.cross_entropy(net(images[:400]), classes[:400]).backward()
    matrices = [w for w in net.parameters() if w.ndim == 2]
    trained = [w.detach().clone() for w in matrices]
    rankings = {
        "magnitude": [w.detach().abs() for w in matrices],
        "sensitivity": [(w * w.grad).detach().abs() for w in matrices],
        "random": [torch.rand(w.shape) for w in matrices],
    }
    for name, ranking in rankings.items():
        row = []
        for share in shares:
            with torch.no_grad():
                for w, old, rank in zip(matrices, trained, ranking):
                    w.copy_(old * (rank >= rank.flatten().quantile(share)))
            row.append(hit_rate(net, images[1400:], classes[1400:]))
        pruned.setdefault(name, []).append(row)
print("share removed" + "".join(f"{share:8.0%}" for share in shares))
for name, rows in pruned.items():
    print(f"{name:13}" + "".join(f"{v:8.2f}" for v in np.mean(rows, 0)))

# %% [markdown]
r"""
Thirty per cent of the weights can go at hardly any cost. Beyond, magnitude is the best of the three. First-order sensitivity beats the lot, but not plain size: at the end of training it ranks by a gradient that is nearly zero, and much of what is left of that is noise.
"""

# %% tags=["checks"]
mean = {name: np.mean(rows, 0) for name, rows in pruned.items()}
verify_at_most(
    "30 % removed by magnitude: accuracy lost",
    mean["magnitude"][0] - mean["magnitude"][1],
    0.02,
)
verify_at_least(
    "70 % removed: accuracy by magnitude over sensitivity, over random",
    [mean["magnitude"][3] - mean[name][3] for name in ("sensitivity", "random")],
    [0.02, 0.1],
)

# %% [markdown]
r"""
(early-stopping-as-smoothness)=
### Early means near, and smooth

From small weights one cannot get far in little time: the way is at most the sum of the steps, so with gradients bounded by $G$

$$
\|\theta_t-\theta_0\|\le\eta\sum_{s<t}\|g_s\|\le\eta tG .
$$ (eq-rg-reach)

$\eta t$ bounds the *radius* of what training can reach (the volume then grows like $(\eta t)^P$). And within it the easy comes first: for [the waves](#early-stopping-equals-l2), measured densely, wave $k$ has curvature $\propto1/k^2$, so the time to fit it grows like $k^2$. That follows from their strength, which we chose; networks are observed to have the same taste for slow waves.
"""

# %% tags=["checks"]
dense = waves(day, 13)
target, theta, fitted = (
    dense @ np.maximum((np.arange(13) + 1) // 2, 1),
    np.zeros(13),
    np.zeros(13, int),
)
for t in range(1, 1200):
    theta = theta - 0.5 * dense.T @ (dense @ theta - target) / 400
    close = abs(theta / np.maximum((np.arange(13) + 1) // 2, 1) - 1) < 0.1
    fitted[(fitted == 0) & close] = t
turns_k = np.arange(1, 7)
verify(
    "waves of 1 to 6 turns: steps until 90 % is fitted",
    fitted[1::2],
    np.ceil(np.log(0.1) / np.log(1 - 0.25 / turns_k**2)).astype(int),
)

# %% [markdown]
r"""
(semi-supervised-learning)=
### Semi-supervised learning

Labels are dear, inputs cheap. Unlabelled inputs say something about $p(x)$: digits come in clusters, and a label can spread along the graph of nearest neighbours. Twenty labels, 480 images without, ten draws. The control uses the *same* labels without the other images: logistic regression, and the nearest neighbour.
"""

# %% tags=["set-up"]
few_labels = []
for draw in range(10):
    pick = np.random.default_rng(draw).permutation(1400)[:500]
    X, y = split.X_train[pick], split.y_train[pick]
    hidden = np.where(np.arange(500) < 20, y, -1)  # scikit-learn's sign for "no label"
    spread_to = semi_supervised.LabelSpreading(kernel="knn", n_neighbors=7, alpha=0.2)
    guess = spread_to.fit(X, hidden).transduction_
    nearest = y[:20][((X[:, None] - X[:20]) ** 2).sum(-1).argmin(1)]
    logistic = linear_model.LogisticRegression(max_iter=200).fit(X[:20], y[:20])
    few_labels.append(
        [np.mean(z[20:] == y[20:]) for z in (logistic.predict(X), nearest, guess)]
    )
few_labels = np.array(few_labels)
for name, acc in zip(
    ("logistic regression", "nearest neighbour", "label spreading"), few_labels.T
):
    print(f"{name:20} {acc.mean():.3f} ± {acc.std(ddof=1) / 10**0.5:.3f}")

# %% [markdown]
r"""
About half of the gain over logistic regression comes from the change of classifier, not from the unlabelled images. The rest is theirs.
"""

# %% tags=["checks"]
gain = few_labels[:, 2] - few_labels[:, 1]
verify_at_least(
    "label spreading over the nearest neighbour: gain minus three standard errors",
    gain.mean() - 3 * gain.std(ddof=1) / math.sqrt(10),
    0,
)
verify_at_least(
    "… share of the gain over logistic regression that the nearest neighbour has too",
    (few_labels[:, 1] - few_labels[:, 0]).mean()
    / (few_labels[:, 2] - few_labels[:, 0]).mean(),
    0.3,
)

# %% [markdown]
r"""
(multi-task-learning)=
### Multi-task learning

Several outputs share hidden layers, so that each task narrows down the representation of the others. The smallest case is linear: ten tasks in $\mathbb R^{30}$ whose weight vectors lie in a common plane, fifteen examples each, too few for any task alone. Fit each by ridge; take the plane of the first two singular vectors of the ten solutions; refit each task in that plane, two coefficients instead of thirty.
"""

# %% tags=["checks"]
mistakes = []
for seed in range(30):
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(10, 2)) @ rng.normal(size=(2, 30)) / math.sqrt(2)
    X = rng.normal(size=(10, 15, 30))
    Y = np.einsum("tnd,td->tn", X, W) + 0.5 * rng.normal(size=(10, 15))
    alone = np.stack([ridge(x, y, 1.0) for x, y in zip(X, Y)])
    plane = np.linalg.svd(alone)[2][:2]  # (2, 30)
    shared = np.stack([ridge(x @ plane.T, y, 1.0) @ plane for x, y in zip(X, Y)])
    mistakes.append([((found - W) ** 2).sum(1).mean() for found in (shared, alone)])
log_gain = np.log(np.array(mistakes)[:, 1] / np.array(mistakes)[:, 0])
verify_at_least(
    "ten related tasks, 30 draws: mean log gain by sharing a plane, minus four standard errors",
    log_gain.mean() - 4 * log_gain.std(ddof=1) / math.sqrt(30),
    0,
)

# %% [markdown]
r"""
(parameter-sharing)=
### Parameter sharing

Tying weights (the kernel of a [convolution](#convolution) at all positions, the matrix of a recurrent network at all times) leaves fewer numbers free and builds in a symmetry. The gradient of a tied weight is the sum over its uses, by the chain rule. Hide a pattern of five numbers at a random one of sixteen places in noise; the detector is a filter at each place and a soft maximum. 100 examples, five draws, one shared filter or sixteen of their own.
"""


# %%
def detector(filters, bias, windows):  # windows (S, n, 16, 5), filters (S, 1 or 16, 5)
    return torch.logsumexp((windows * filters[:, None]).sum(-1), 2) + bias


# %% tags=["set-up"]
g = torch.Generator().manual_seed(3)


def signals(n, S=5):
    X, where = (
        torch.randn(S, n, 20, generator=g),
        torch.randint(16, (S, n), generator=g),
    )
    pattern = torch.tensor([2.0, -2.0, 2.0, 2.0, -2.0])
    for s, i in itertools.product(
        range(S), range(1, n, 2)
    ):  # every second one holds it
        X[s, i, where[s, i] : where[s, i] + 5] += pattern
    return X.unfold(2, 5, 1), (torch.arange(n) % 2).float().expand(S, n)


(windows, marks), (fresh, fresh_marks) = signals(100), signals(400)
found = {}
for name, places in (("shared", 1), ("untied", 16)):
    filters = (0.1 * torch.randn(5, places, 5, generator=g)).requires_grad_()
    bias = torch.zeros(5, 1, requires_grad=True)
    adam = torch.optim.Adam([filters, bias], lr=0.03, fused=True)
    for _ in range(200):
        adam.zero_grad()
        F.binary_cross_entropy_with_logits(
            detector(filters, bias, windows), marks
        ).backward()
        adam.step()
    with torch.no_grad():
        said = (detector(filters, bias, fresh) > 0).float()
        found[name] = (said == fresh_marks).double().mean(1)
    print(
        f"{name}: test accuracy {found[name].mean():.3f} ± {found[name].std() / 5**0.5:.3f}"
    )

# %% tags=["checks"]
verify_at_least(
    "shared over untied: accuracy gained, minus three standard errors",
    (found["shared"] - found["untied"]).mean()
    - 3 * (found["shared"] - found["untied"]).std() / math.sqrt(5),
    0,
)
shared = torch.randn(5, 1, 5, generator=g, requires_grad=True)
untied = shared.detach().expand(5, 16, 5).clone().requires_grad_()
tied, each = (
    torch.autograd.grad(detector(f, 0.0, windows).sum(), f)[0] for f in (shared, untied)
)
verify(
    "gradient of a shared filter: the sum over its 16 uses",
    tied,
    each.sum(1, keepdim=True),
    atol=1e-3,
    rtol=1e-4,
)

# %% [markdown]
r"""
(bagging)=
### Bagging

Where do different models come from when there is one data set? *Bagging* {cite:p}`breiman1996` draws $K$ *bootstrap samples*, $N$ examples with replacement, trains a model on each and averages the output probabilities, $p(y\mid x)=\frac1K\sum_kp(y\mid x;\theta_k)$. A given example is missed by all $N$ draws with probability $(1-\frac1N)^N\approx e^{-1}$, so a sample holds about $63.2\,\%$ of the examples. Decision trees, which jump at the slightest change of the data, profit most; random forests {cite:p}`breiman2001` vary the inputs as well. (A *Bayesian* model average weights the members by their posterior probability instead.)
"""

# %% tags=["set-up"]
rng, distinct, votes, singles = np.random.default_rng(12), [], 0, []
for k in range(20):
    sample = rng.integers(1400, size=1400)
    distinct.append(len(np.unique(sample)) / 1400)
    one_tree = tree.DecisionTreeClassifier(random_state=k).fit(
        split.X_train[sample], split.y_train[sample]
    )
    p = one_tree.predict_proba(split.X_test)
    votes = votes + p
    singles.append(np.mean(p.argmax(1) == split.y_test))
bagged = np.mean(votes.argmax(1) == split.y_test)
forest = ensemble.RandomForestClassifier(20, random_state=0).fit(
    split.X_train, split.y_train
)
forest_score = forest.score(split.X_test, split.y_test)
print(
    f"one tree {np.mean(singles):.3f} ± {np.std(singles, ddof=1):.3f} (s.d.), 20 bagged {bagged:.3f}, forest of 20 {forest_score:.3f}"
)

# %% tags=["checks"]
verify_within_se(
    "share of distinct examples in a bootstrap sample",
    np.array(distinct),
    1 - (1 - 1 / 1400) ** 1400,
)
verify_at_least(
    "20 bagged trees and a forest: accuracy above the single trees, in their standard deviations",
    (np.array([bagged, forest_score]) - np.mean(singles)) / np.std(singles, ddof=1),
    3,
)

# %% [markdown]
r"""
(dropout-as-ensemble)=
### Dropout as bagging with shared weights

Each step trains one random member on one random mini-batch, and as the weights are shared, all members move at once. No member is trained to the end, the crowd is; most of an astronomical crowd is never drawn. Even of 256 members, 300 steps meet only about $256\,(1-(255/256)^{300})=177$. Here every single one, met or not, is asked for its test accuracy.
"""

# %% tags=["set-up"]
W = several_networks(1, (64, 8, 10), 3)
g, met = torch.Generator().manual_seed(4), []
adam = torch.optim.Adam(W, lr=0.01)


def member(X, mask):
    return outputs(W[1:], torch.tanh(outputs(W[:1], X)) * mask / 0.5)


for _ in range(300):
    mask = (torch.rand(8, generator=g) < 0.5).float()
    met.append(tuple(mask.int().tolist()))
    batch = torch.randint(1400, (64,), generator=g)
    adam.zero_grad()
    nll(member(images[None, batch], mask), classes[batch][None]).sum().backward()
    adam.step()
with torch.no_grad():
    pictures, truths = images[None, 1400:], classes[1400:]
    judged = {
        m: (member(pictures, torch.tensor(m)).argmax(-1) == truths)
        .double()
        .mean()
        .item()
        for m in itertools.product((0, 1), repeat=8)
    }
    whole = (member(pictures, 0.5).argmax(-1) == truths).double().mean().item()

# %% tags=["picture"] mystnb={"image": {"alt": "Histogram of the test accuracies of the 256 members, for those that were met in training and those that were not: the two shapes are alike, spread from chance to nearly the accuracy of the whole network, which is marked at the right end."}}
for seen, colour, name in ((True, plot.BLUE, "met"), (False, plot.ORANGE, "never met")):
    values = [acc for m, acc in judged.items() if (m in met) == seen]
    plt.hist(values, np.linspace(0, 1, 31), color=colour, alpha=0.6, label=name)
plt.axvline(whole, color=plot.RED, label="all units, weights scaled")
plt.xlabel("test accuracy")
plt.ylabel("members (of 256)")
plt.legend(loc="upper left")
plt.show()

# %% tags=["checks"]
share_met = 1 - (255 / 256) ** 300
both_missed = (254 / 256) ** 300
missed_variance = 256 * share_met * (1 - share_met) + 256 * 255 * (
    both_missed - (1 - share_met) ** 2
)
verify(
    "distinct masks met in 300 steps",
    len(set(met)),
    256 * share_met,
    atol=3 * math.sqrt(missed_variance),
)
middle = [
    np.mean([acc for m, acc in judged.items() if (m in met) == seen and sum(m) == 4])
    for seen in (True, False)
]
verify(
    "members of four units: accuracy of those never met, and of those met",
    middle[1],
    middle[0],
    atol=0.1,
)
verify_at_least(
    "the whole network over the mean member: accuracy",
    whole - np.mean(list(judged.values())),
    0.2,
)

# %% [markdown]
r"""
(dropout-properties)=
### Co-adaptation, sparsity, slower training

Units that correct each other's errors are *co-adapted*, and that is what dropout is meant to break {cite:p}`srivastava2014`. Side effects: mostly, more units are silent at a time, and noisier updates make training longer. One data set of [With and without](#dropout), three starts: training loss after the same number of steps, and the share of silent units in the second hidden layer on test images.
"""

# %% tags=["set-up"]
side_effects = []
order = torch.randperm(1797, generator=torch.Generator().manual_seed(0))
for seed, drop in itertools.product(range(3), (0.0, 0.5)):
    torch.manual_seed(seed)
    net = train_digits(
        digit_network(drop), images[order[:150]], classes[order[:150]], 60
    )
    with torch.no_grad():
        training = F.cross_entropy(
            net(images[order[:150]]), classes[order[:150]]
        ).item()
        silent = (net[:5](images[order[150:]]) == 0).double().mean().item()
    side_effects.append([training, silent])
side_effects = np.array(side_effects).reshape(3, 2, 2)
for name, (loss, silent) in zip(("without", "with dropout"), side_effects.mean(0)):
    print(f"{name:14} training loss {loss:.4f}   silent units {silent:.0%}")

# %% tags=["checks"]
verify_at_least(
    "with over without, mean of three starts: training loss, share of silent units",
    (side_effects[:, 1] / side_effects[:, 0]).mean(0),
    [3, 1],
)

# %% [markdown]
r"""
(internal-covariate-shift)=
### Internal covariate shift

A layer deep in a network learns on inputs whose distribution changes as the layers before it learn. {cite:t}`ioffe2015` named this *internal covariate shift* and introduced batch normalisation to remove it. **A common slip** is to take that for the reason why it helps. The reason is disputed: later experiments found no such link (shifts put in *after* the normalisation did no harm) and explain the gain by a smoother loss {cite:p}`santurkar2018`. The drift itself is real: the mean pre-activation of one unit in the third layer of a plain tanh network while it trains.
"""

# %% tags=["set-up"]
W = several_networks(1, (64, 32, 32, 32, 10), 7)
adam, drift = torch.optim.Adam(W, lr=0.01), []
for _ in range(60):
    adam.zero_grad()
    nll(
        outputs(W, images[None, :300], torch.tanh), classes[None, :300]
    ).sum().backward()
    adam.step()
    with torch.no_grad():
        third = outputs([*W[:2], W[2][:, :, :1]], images[None, :300], torch.tanh)
    drift.append([third.mean().item(), third.std().item()])
drift = np.array(drift)

# %% tags=["picture"] mystnb={"image": {"alt": "Mean and spread of one unit's pre-activation over sixty training steps: the mean wanders by about its initial spread, and the spread grows."}}
plt.plot(drift[:, 0], color=plot.BLUE, label="mean")
plt.fill_between(
    range(60),
    drift[:, 0] - drift[:, 1],
    drift[:, 0] + drift[:, 1],
    color=plot.BLUE,
    alpha=0.2,
    lw=0,
    label="± one standard deviation",
)
plt.xlabel("steps")
plt.ylabel("pre-activation")
plt.legend()
plt.show()

# %% [markdown]
r"""
(batchnorm-couples-examples)=
### Batch norm couples the examples of a mini-batch

In training mode the output for one example depends on its company; in evaluation mode it does not. How noisy is that? For a fixed example of value $x$ among $m$ standard normal ones, the output $(x-\mu)/\sqrt v$ changes by $-d\mu-\frac x2dv$ to first order, with $\operatorname{Var}\mu=\frac1m$ and $\operatorname{Var}v\approx\frac2m$: a variance of $\frac1m(1+\frac{x^2}2)$. The noise regularises; it falls with the size of the batch.
"""

# %% tags=["checks"]
layer, batch = nn.BatchNorm1d(3), torch.randn(8, 3)
changed = torch.cat([batch[:1] + 5, batch[1:]])
moved = (layer(batch) - layer(changed))[1:].abs().max()
layer.eval()
verify_at_least("training mode: change example 0, the others move by", moved, 0.1)
verify(
    "evaluation mode: how far they move",
    (layer(batch) - layer(changed))[1:],
    np.zeros((7, 3)),
    atol=1e-12,
)
company = np.random.default_rng(17).normal(size=(4000, 255))
jitter = (1 - (1 + company.sum(1)) / 256) / np.c_[np.ones(4000), company].std(1)
verify(
    "x = 1, batches of 256: variance of the output times m",
    jitter.var() * 256,
    1 + 1 / 2,
    rtol=4 * math.sqrt(2 / 4000),
)

# %% [markdown]
r"""
(batchnorm-benefits)=
### What batch norm buys

Stable statistics allow large learning rates in deep stacks. Nine sigmoid layers of 32 units and a softmax, the kind that [could not be trained](#initialization-heuristics) for decades, eight passes over 1400 digits, the same four learning rates. The start matters as well, so the plain network may have three: the one that suits ReLU; the same 2.8 times as large; and four times as large, for the sigmoid's slope of $\frac14$, with biases $-\frac12\sum w$ that centre its mean of $\frac12$ out.
"""


# %% tags=["set-up"]
def deep_outputs(W, X, normal):
    for l, w in enumerate(W):
        X = torch.baddbmm(w[:, -1:], X, w[:, :-1])
        if l + 1 < len(W):
            if normal:
                X = X - X.mean(1, keepdim=True)
                X = X / (X.square().mean(1, keepdim=True) + 1e-5).sqrt()
            X = torch.sigmoid(X)
    return X


deep_rates, deep_accuracy = torch.tensor([0.1, 0.3, 1.0, 3.0]), {}
starts = {"plain": (1, 0), "plain, 2.8 times": (8**0.5, 0), "plain, 4, centred": (4, 1)}


def deep_start(scale, centred):
    W = several_networks(4, (64, *[32] * 9, 10), 8)
    with torch.no_grad():
        for l, w in enumerate(W):
            w *= scale
            if centred and l:  # behind a sigmoid
                w[:, -1] = -0.5 * w[:, :-1].sum(1)
    return W


for names, normal in ((list(starts), False), (["batch norm"], True)):
    begin = zip(*(deep_start(*starts.get(name, (1, 0))) for name in names))
    W = [torch.cat(w).detach().requires_grad_() for w in begin]  # four of each start
    g, S = torch.Generator().manual_seed(9), 4 * len(names)
    rate = deep_rates.repeat(len(names))[:, None, None]
    for _ in range(8):
        for rows in torch.randperm(1400, generator=g).split(140):
            logits = deep_outputs(W, images[rows].expand(S, -1, -1), normal)
            loss = nll(logits, classes[rows].expand(S, -1))
            grads = torch.autograd.grad(loss.sum(), W)
            with torch.no_grad():
                for w, gradient in zip(W, grads):
                    w -= rate * gradient
    with torch.no_grad():
        logits = deep_outputs(W, images[1400:].expand(S, -1, -1), normal)
    hits = (logits.argmax(-1) == classes[1400:]).double().mean(1).view(-1, 4)
    deep_accuracy |= dict(zip(names, hits.numpy()))
print("test accuracy, rate " + "".join(f"{r:8.1f}" for r in deep_rates.tolist()))
for name, acc in deep_accuracy.items():
    print(f"{name:20}" + "".join(f"{v:8.2f}" for v in acc))

# %% [markdown]
r"""
With batch norm all four rates work. Without, the start decides: only the third learns, and at its best rate it gets to 0.76 in eight passes. (More passes, better starts, [ReLU](#initialization-heuristics) or skip connections are other cures.)
"""

# %% tags=["checks"]
tops = {name: acc.max() for name, acc in deep_accuracy.items()}
verify_at_least(
    "batch norm over each plain network, each at its best rate: accuracy gained",
    [tops["batch norm"] - acc for name, acc in tops.items() if name != "batch norm"],
    0.1,
)
verify_at_least(
    "large and centred, over the other plain starts, each at its best rate: accuracy gained",
    [tops["plain, 4, centred"] - tops[name] for name in ("plain", "plain, 2.8 times")],
    0.3,
)

# %% [markdown]
r"""
(normalization-variants)=
### Other axes: layer, instance, group

The relatives change one thing: the axes over which mean and variance are taken. For images of shape $(N,C,H,W)$:

| normalisation | mean and variance over | statistics per |
|---|---|---|
| batch | $N,H,W$ | channel |
| layer {cite:p}`ba2016` | $C,H,W$ | example |
| instance | $H,W$ | example and channel |
| group {cite:p}`wu2018` | $H,W$ and the channels of a group | example and group |

The last three never look at another example (layer norm crosses the *features* of one example within a layer, not layers), so they do the same in training and at test time. The batch mean of $m$ examples misses the true one by $\frac1{\sqrt m}$ standard deviations: poor for small batches, and it follows the data it was gathered on.
"""


# %%
def norm(x, dims, eps=1e-5):  # setting
    centred = x - x.mean(dims, keepdim=True)
    return centred / (centred.square().mean(dims, keepdim=True) + eps).sqrt()


def group_norm(x, groups):
    N, C, *size = x.shape
    return norm(x.view(N, groups, C // groups, *size), (2, 3, 4)).view(x.shape)


# %% tags=["checks"]
x = torch.randn(4, 6, 5, 5) * torch.arange(1.0, 7.0)[:, None, None] + 2
verify(
    "batch, layer, instance and group norm, against torch",
    torch.stack(
        [norm(x, (0, 2, 3)), norm(x, (1, 2, 3)), norm(x, (2, 3)), group_norm(x, 3)]
    ),
    torch.stack(
        [
            nn.BatchNorm2d(6)(x),
            F.layer_norm(x, x.shape[1:]),
            F.instance_norm(x),
            F.group_norm(x, 3),
        ]
    ).detach(),
    atol=1e-5,
)
misses = [
    np.random.default_rng(18).normal(size=(4000, m)).mean(1).std() for m in (2, 64)
]
verify(
    "batches of 2 and 64: standard deviation of the batch mean",
    misses,
    [2**-0.5, 1 / 8],
    rtol=4 / math.sqrt(8000),
)

# %% [markdown]
r"""
(many-parameters-not-overfitting)=
### Many parameters do not imply overfitting

For polynomials in the powers of $x$, fitted by least squares, the count decides. For networks trained from their usual start, and not for ever, it does not: they find simple functions among the many. Twenty points of $\sin3x$ with noise 0.3, sixteen draws; the networks (one tanh layer) are all stopped after 300 steps of Adam, with a third of the noise fitted, and again after 1,000.
"""

# %% tags=["set-up"]
rng = np.random.default_rng(19)
x_sine = rng.uniform(-1, 1, (16, 20))
y_sine, line = (
    np.sin(3 * x_sine) + 0.3 * rng.normal(size=(16, 20)),
    np.linspace(-1, 1, 101),
)
sine_errors = {}
for degree in (3, 10, 19):
    fits = [
        np.linalg.lstsq(np.vander(x, degree + 1), y, rcond=None)[0]
        for x, y in zip(x_sine, y_sine)
    ]
    sine_errors[f"degree {degree}"] = [
        [
            np.mean((np.polyval(c, x) - y) ** 2),
            np.mean((np.polyval(c, line) - np.sin(3 * line)) ** 2),
        ]
        for c, x, y in zip(fits, x_sine, y_sine)
    ]
sine_errors["ruler"] = [
    [0, np.mean((np.interp(line, np.sort(x), y[x.argsort()]) - np.sin(3 * line)) ** 2)]
    for x, y in zip(x_sine, y_sine)
]
inputs16, targets16 = (
    torch.tensor(v, dtype=torch.float32)[..., None] for v in (x_sine, y_sine)
)
everywhere = torch.tensor(line, dtype=torch.float32).view(1, -1, 1).expand(16, -1, -1)
nets = {units: several_networks(16, (1, units, 1), units) for units in (10, 100)}
adam = torch.optim.Adam([w for W in nets.values() for w in W], lr=0.05, fused=True)
for t in range(1, 1002):
    adam.zero_grad()
    for units, W in nets.items():
        loss = ((outputs(W, inputs16, torch.tanh) - targets16) ** 2).mean((1, 2))
        loss.sum().backward()
        if t in (301, 1001):  # the state after 300 and 1,000 steps
            with torch.no_grad():
                guess = outputs(W, everywhere, torch.tanh)[..., 0].double().numpy()
            against = ((guess - np.sin(3 * line)) ** 2).mean(1)
            sine_errors[f"{units} units, {t - 1}"] = np.c_[loss.detach(), against]
    adam.step()
sine_errors = {name: np.array(rows) for name, rows in sine_errors.items()}
print("median of 16 draws   training error   against the sine")
for name, rows in sine_errors.items():
    print("{:18}{:14.3f}{:19.3g}".format(name, *np.median(rows, 0)))

# %% tags=["checks"]
mid = {name: np.median(rows[:, 1]) for name, rows in sine_errors.items()}
verify_at_least(
    "degree 19 over degree 3: median error", mid["degree 19"] / mid["degree 3"], 100
)
verify_at_most(
    "100 units over 10 units, after 300 and after 1,000 steps: median error",
    [mid[f"100 units, {t}"] / mid[f"10 units, {t}"] for t in (300, 1000)],
    1.2,
)
verify(
    "1,000 steps, 10 and 100 units over the ruler: median error",
    [mid[f"{units} units, 1000"] / mid["ruler"] for units in (10, 100)],
    [1, 1],
    atol=0.25,
)
verify_at_least(
    "300 steps, 10 and 100 units over the cubic: median error",
    [mid[f"{units} units, 300"] / mid["degree 3"] for units in (10, 100)],
    0.75,
)
longer = np.concatenate(
    [
        np.log(
            sine_errors[f"{units} units, 1000"][:, 1]
            / sine_errors[f"{units} units, 300"][:, 1]
        )
        for units in (10, 100)
    ]
)
verify_at_least(
    "32 networks, 1,000 steps over 300: mean log error, minus three standard errors",
    longer.mean() - 3 * longer.std(ddof=1) / math.sqrt(32),
    0,
)

# %% [markdown]
r"""
100 units do no worse than 10, and neither is much better than the cubic, which has four numbers. Nor is it safe for ever: after 1,000 steps both sizes err at least twice as much, and about as much as the ruler, which fits all of the noise. It is the steps that count here, not the units.
"""

# %% [markdown]
r"""
(overfitting-is-local)=
### Overfitting is local

The same fit may be good in one region and absurd in another. A polynomial of degree 12 on $\cos\frac{3\pi}2x$ with noise 0.1, forty points on the left half of $[0,1]$ and six on the right; more points *there* cure it.
"""


# %%
def right_over_left(extra, seed):
    rng = np.random.default_rng(seed)
    x = np.r_[rng.uniform(0, 0.5, 40), rng.uniform(0.5, 1, 6 + extra)]  # setting
    y = np.cos(1.5 * np.pi * x) + 0.1 * rng.normal(size=len(x))  # setting
    x_all = np.linspace(0, 1, 400)  # setting
    fit = np.polynomial.Polynomial.fit(x, y, 12)(x_all)  # setting
    wrong = (fit - np.cos(1.5 * np.pi * x_all)) ** 2
    return wrong[200:].mean() / wrong[:200].mean()


# %% tags=["checks"]
ratios = [
    np.median([right_over_left(extra, s) for s in range(50)]) for extra in (0, 40)
]
verify_at_least(
    "6 points on the right: error right over left, median of 50", ratios[0], 10
)
verify_at_most(
    "46 points on the right: error right over left, or left over right",
    max(ratios[1], 1 / ratios[1]),
    3,
)

# %% [markdown]
r"""
(epoch-wise-double-descent)=
### Double descent along the time axis

Training time is a capacity too, and the test error can descend twice as a function of it {cite:p}`nakkiran2020`. For a linear model each eigendirection has [its own clock](#eq-rg-filters) $1/\eta h_i$, and on it its own U: the bias $h_i\theta_i^2$ fades, then the variance $h_iv_i$ of the least-squares estimate comes in,

$$
R(t)=\sum_ih_i\Bigl[(1-\eta h_i)^{2t}\theta_i^2+\bigl(1-(1-\eta h_i)^t\bigr)^2v_i\Bigr].
$$ (eq-rg-epochs)

If the clocks differ by a thousand, the first U is over before the second has begun: down, up, and down again. Below, real runs: sixty examples, forty strong features and ten weak ones that carry much of the signal. While the strong ones are fitted, they also fit what the weak ones should explain. (At the very end, when the weakest directions fit the noise, one of the eight risks rises fourfold and three by a few per cent.)
"""


# %%
def two_modes(t, eta=0.05):
    h, theta2, v = np.array([[1.0, 0.001], [1.0, 1200.0], [0.6, 100.0]])[..., None]
    left = (1 - eta * h) ** t
    return (h * (left**2 * theta2 + (1 - left) ** 2 * v)).sum(0)


# %% tags=["set-up"]
scales = np.r_[np.ones(40), 0.05 * np.ones(10)]
theta_50 = np.r_[np.full(40, 0.3), np.full(10, 8.0)]
times = np.unique(np.geomspace(1, 3e6, 120).astype(int))


def long_run(seed, eta=0.2):
    """Expected test risk and training error of gradient descent from 0 at the times."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 50)) * scales
    y = X @ theta_50 + 0.2 * rng.normal(size=60)
    h, Q60 = np.linalg.eigh(X.T @ X / 60)
    best = Q60.T @ np.linalg.solve(X.T @ X, X.T @ y)
    ways = ((1 - (1 - eta * h) ** times[:, None]) * best) @ Q60.T
    test = ((ways - theta_50) ** 2 * scales**2).sum(1) + 0.2**2
    return np.array([test, ((ways @ X.T - y) ** 2).mean(1)])


long_runs = np.array([long_run(seed) for seed in range(8)])  # (runs, 2, times)

# %% tags=["picture"] mystnb={"image": {"alt": "Test risk against training steps on logarithmic axes for eight runs: down, up to a hump near a hundred steps, and down again to a much lower level, while the training error falls throughout."}}
for k, run in enumerate(long_runs):
    for curve, colour, name in zip(
        run, (plot.RED, plot.BLUE), ("test risk", "training error")
    ):
        plt.loglog(times, curve, color=colour, lw=1, label=None if k else name)
plt.xlabel("steps of gradient descent")
plt.ylabel("mean squared error")
plt.legend()
plt.show()

# %% tags=["checks"]
estimates = np.random.default_rng(26).normal(size=(4000, 2)) * [0.6**0.5, 10] + [
    1,
    1200**0.5,
]
for t in (5, 122, 60_000):
    walk = (1 - (1 - 0.05 * np.array([1, 0.001])) ** t) * estimates
    verify_within_se(
        f"two modes: risk after {t:,} steps, from 4,000 noisy estimates",
        ((walk - [1, 1200**0.5]) ** 2 * [1, 0.001]).sum(1),
        two_modes(np.array([t]))[0],
    )
turning = np.diff(np.sign(np.diff(two_modes(np.arange(100_000)))))
verify(
    "two modes: minimum, maximum, minimum",
    turning[turning != 0] / 2,
    [1, -1, 1],
    atol=1e-9,
)
early = long_runs[:, 0, (times > 3) & (times < 40)].min(1)
hump = long_runs[:, 0, (times >= 40) & (times < 5000)].max(1)
verify_at_least(
    "eight runs, the least of each: start over first dip, hump over first dip, first dip over second",
    [
        (long_runs[:, 0, 0] / early).min(),
        (hump / early).min(),
        (early / long_runs[:, 0, -1]).min(),
    ],
    [1.1, 1.1, 2.0],
)
