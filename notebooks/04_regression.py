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
(regression-chapter)=
# Regression and classification

Two hundred points on a line, half of them labelled $-1$ and half $+1$. Fit a straight line to the labels and cut where it crosses zero: everything is classified correctly. Now somebody adds a hundred points of the second class far out on its own side, where the old cut already has them right. Refit. What can more correct data do but help?
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

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy import integrate, optimize, special, stats
from sklearn import linear_model
from torch.nn import functional as F

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
torch.set_default_dtype(torch.float64)


# %% tags=["remove-cell"]
@exercise.define("three-points")
def _(answer):
    a, b = answer
    at = lambda a, b: (1 - b) ** 2 + (1 - a - b) ** 2 + (4 - 2 * a - b) ** 2
    best = optimize.minimize(lambda p: at(*p), [0, 0]).fun
    assert at(a, b) < best + 1e-6, (
        f"your line has the loss {at(a, b):.3f}; a search finds {best:.3f}"
    )
    return True


@exercise.define("foot")
def _(answer):
    theta = np.asarray(answer, float)
    X, y = np.array([[1.0, 0], [1, 1], [0, 1]]), np.array([2.0, 0, 1])
    assert theta.shape == (2,), "θ has two entries, one per column"
    slip = X.T @ (y - X @ theta)
    assert abs(slip).max() < 1e-6, (
        f"your residual has the products {slip.round(2)} with the columns"
    )
    return True


@exercise.define("quantile-loss")
def _(answer):
    numbers = stats.expon.ppf((np.arange(2000) + 0.5) / 2000)
    values = np.linspace(0, 6, 1201)
    best = values[np.argmin([np.sum(answer(numbers - c)) for c in values])]
    assert abs(best - np.quantile(numbers, 0.9)) < 0.02, (
        f"its best constant is {best:.2f}; the 90 % quantile is "
        f"{np.quantile(numbers, 0.9):.2f}"
    )
    return True


@exercise.define("odds")
def _(answer):
    z = np.log(0.2 / 0.8) + 0.7 + 0.7  # one cigarette more, twice
    assert abs(answer - 1 / (1 + np.exp(-z))) < 1e-3, (
        "add to the log-odds, then turn back"
    )
    return True


@exercise.define("soft-label")
def _(answer):
    z = np.linspace(-8, 8, 160_001)
    cost = 0.9 * np.logaddexp(0, -z) + 0.1 * np.logaddexp(0, z)
    assert abs(answer - z[cost.argmin()]) < 1e-3, (
        f"there the slope is {1 / (1 + np.exp(-answer)) - 0.9:.3f}, not 0"
    )
    return True


@exercise.define("newton-by-hand")
def _(answer):
    X, y = np.array([[1.0], [1.0], [2.0]]), np.array([0.0, 1.0, 1.0])
    w = torch.zeros(1, requires_grad=True)
    nll = lambda w: F.softplus(torch.tensor(1 - 2 * y) * (torch.tensor(X) @ w)).sum()
    g = torch.autograd.functional.jacobian(nll, w)
    H = torch.autograd.functional.hessian(nll, w)
    step = (w - torch.linalg.solve(H, g)).item()
    assert abs(answer - step) < 1e-6, (
        f"the gradient is {g.item():.2f} and the Hessian {H.item():.2f}"
    )
    return True


@exercise.define("three-scores")
def _(answer):
    p = np.exp(answer) / np.exp(answer).sum()
    assert np.shape(answer) == (3,), "three classes, three scores"
    assert np.allclose(p, [0.5, 0.25, 0.25]), (
        f"they give the probabilities {p.round(3)}"
    )
    return True


@exercise.define("waiting-link")
def _(answer):
    for mu in (0.3, 1.0, 4.0):
        y = np.linspace(0.1, 5, 50)
        log_p = -np.log(mu) - y / mu
        rest = log_p - y * answer(mu)
        assert np.ptp(rest) < 1e-9, f"for μ = {mu:g}, log p(y) − y·z still depends on y"
    return True


@exercise.define("how-many-points")
def _(answer):
    X = np.polynomial.legendre.legvander(np.linspace(-1, 1, int(answer)), 4)
    hat = X @ np.linalg.pinv(X)
    noise = 0.04 * np.trace(hat @ hat.T) / len(X)
    assert abs(noise - 0.01) < 1e-9, f"with {answer} points the variance is {noise:.4f}"
    return True


@exercise.define("half")
def _(answer):
    X = np.diag([3.0, 1.0])
    theta = np.linalg.solve(X.T @ X + answer * np.eye(2), X.T @ np.array([3.0, 1.0]))
    assert abs(theta[0] - 0.5) < 1e-9, f"the first coefficient becomes {theta[0]:.3f}"
    return True


@exercise.define("how-far-apart")
def _(answer):
    miss = stats.norm.cdf(-answer / 2)
    assert abs(miss - 0.01) < 1e-5, f"at your distance the Bayes error is {miss:.4f}"
    return True


@exercise.define("weighted")
def _(answer):
    rng = np.random.default_rng(0)
    X, y, c = rng.normal(size=(30, 3)), rng.normal(size=30), rng.uniform(0.1, 3, 30)
    theta = np.asarray(answer(X, y, c))
    assert theta.shape == (3,), "the answer is a vector of three parameters"
    best = optimize.minimize(lambda t: (c * (y - X @ t) ** 2).sum(), np.zeros(3)).x
    assert np.allclose(theta, best, atol=1e-4), (
        "a numerical search finds a lower weighted loss elsewhere"
    )
    return True


@exercise.define("leave-one-out")
def _(answer):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(25, 4)), rng.normal(size=25)
    refit = []
    for i in range(25):
        rest = np.arange(25) != i
        refit.append(y[i] - X[i] @ np.linalg.lstsq(X[rest], y[rest], rcond=None)[0])
    assert np.shape(answer(X, y)) == (25,), "one error per example"
    assert np.allclose(answer(X, y), refit), "it differs from 25 separate refits"
    return True


@exercise.define("softmax-gradient")
def _(answer):
    rng = np.random.default_rng(4)
    X, W, y = rng.normal(size=(12, 3)), rng.normal(size=(3, 4)), rng.integers(0, 4, 12)
    tW = torch.tensor(W, requires_grad=True)
    F.cross_entropy(torch.tensor(X) @ tW, torch.tensor(y)).backward()
    ours = np.asarray(answer(W, X, y))
    assert ours.shape == (3, 4), "the gradient has the shape of W"
    assert not np.allclose(ours, 12 * tW.grad.numpy()), (
        "that is the gradient of the sum; the mean is asked for"
    )
    assert np.allclose(ours, tW.grad.numpy()), "autograd says otherwise"
    return True


@exercise.define("right-temperature")
def _(answer):
    rng = np.random.default_rng(6)
    for truth in (0.5, 3.0):
        z = rng.normal(0, 2, (3000, 4))
        y = (softmax(z)[:, :3].cumsum(1) < rng.uniform(size=(3000, 1))).sum(1)
        T = answer(truth * z, y)
        grid = truth * np.geomspace(0.8, 1.25, 401)
        best = grid[np.argmin([cross_entropy(truth * z / t, y).sum() for t in grid])]
        assert abs(T / best - 1) < 0.02, (
            f"your temperature is {T:.3f}; the likeliest is {best:.3f}"
        )
    return True


@exercise.define("unequal")
def _(answer):
    t = np.linspace(-6, 6, 120_001)
    risk = 0.1 * stats.norm.cdf(t - 1) + 0.9 * stats.norm.sf(t + 1)
    ours = 0.1 * stats.norm.cdf(answer - 1) + 0.9 * stats.norm.sf(answer + 1)
    assert abs(answer - t[risk.argmin()]) < 1e-3, (
        f"your cut errs on {100 * ours:.2f} %, the best on {100 * risk.min():.2f} %"
    )
    return True


@exercise.define("careful-fit")
def _(answer):
    curve, t = lambda x: np.cos(1.5 * np.pi * x), np.linspace(0, 1, 200)
    errors = []
    for seed in range(100, 115):
        rng = np.random.default_rng(seed)
        x = rng.uniform(0, 1, 40)
        predict = answer(x, curve(x) + 0.2 * rng.normal(size=40))
        errors.append(np.mean((predict(t) - curve(t)) ** 2))
    assert np.median(errors) < 0.012, (
        f"the median test error over 15 data sets is {np.median(errors):.4f}"
    )
    assert max(errors) < 0.2, (
        f"the worst of 15 data sets has test error {max(errors):.2f}"
    )
    return True


# %% tags=["set-up"]
rng = np.random.default_rng(0)
near = np.r_[rng.normal(-1, 0.3, 100), rng.normal(1, 0.3, 100)]
near_y = np.repeat([-1.0, 1.0], 100)
crowd = np.r_[near, rng.normal(20, 0.3, 100)]  # the same points and 100 more
crowd_y = np.r_[near_y, np.ones(100)]
a_near, b_near = np.polyfit(near, near_y, 1)
a_crowd, b_crowd = np.polyfit(crowd, crowd_y, 1)
wrong_side = np.mean(np.sign(a_crowd * crowd + b_crowd) != crowd_y)

# %% tags=["picture"] mystnb={"image": {"alt": "Labels plus and minus one over x. The line fitted to 200 points near the origin cuts at zero; with 100 further points at x = 20 the refitted line is flatter and cuts at 0.8, inside the upper class; the second panel is a close-up."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.2), sharey=True)
for ax, end in zip(axes, (21.5, 2.2)):
    ax.plot(crowd, crowd_y, "k.", ms=4, alpha=0.5)
    for count, a, b, colour in (
        (200, a_near, b_near, plot.BLUE),
        (300, a_crowd, b_crowd, plot.RED),
    ):
        label = f"{count} points: cut at {-b / a:.2f}"
        ax.axline((0, b), slope=a, color=colour, label=label)
        ax.plot(-b / a, 0, "o", color=colour, mfc="white", zorder=3)
    ax.set(ylim=(-1.4, 1.6), xlim=(-2.2, end), xlabel="$x$")
axes[0].set_ylabel("label")
axes[0].legend(loc="lower right")
axes[1].set_title("the same, closer")
plt.show()

# %% [markdown]
r"""
A hundred easy points, and one point in twelve is now on the wrong side. The line does what its loss asks for. A *loss* is a question put to the data. Which is the right one?

The answer is one recipe, and it runs through the whole chapter: **say how the answers come about, take minus the logarithm of their probability, minimise.** Gaussian noise gives squared errors, Laplace noise gives absolute ones, coin tosses give the logistic loss, dice give the softmax, a belief about the weights gives a penalty. Then we ask what one never asks of a network: how close does the result come to the *best possible* classifier, and by which law?

You will be able to

- **derive** the loss that belongs to a kind of answer, and its gradient: prediction minus truth,
- **train** linear, logistic and softmax regression by hand-written code that agrees with the libraries, and say when Newton's method runs away,
- **split** an error into noise, bias and variance, and buy one with the other,
- **predict** how far a classifier fitted on $n$ points stays from the best there can be.

It builds on [linear algebra](#singular-value-decomposition) and on [likelihood and cross-entropy](#maximum-likelihood-estimation). Reading takes an hour and a half.
"""

# %% tags=["checks"]
# The moments of three groups at −1, 1 and 20 predict the cut b + a x = 0.
slope_of_three = (22 / 3 - 20 / 9) / (402 / 3 + 0.3**2 - 400 / 9)
cut_of_three = 20 / 3 - (1 / 3) / slope_of_three
verify("the cut after refitting", -b_crowd / a_crowd, cut_of_three, atol=0.05)
beyond = stats.norm.cdf((cut_of_three - 1) / 0.3) / 3
verify(
    "share on the wrong side, against the normal distribution's",
    wrong_side,
    beyond,
    atol=3 * math.sqrt(beyond * (1 - 3 * beyond) / 300),
)

# %% [markdown]
r"""
(linear-regression)=
## A line through points

Which line fits best, and when is there a formula for it? The last layer of nearly every network is such a line: a weighted sum of *regressors* $x_i\in\mathbb R^d$ plus an intercept,

$$
y_i=x_i^\top w+b+\varepsilon_i,\qquad i=1,\dots,n,
$$ (eq-reg-model)

with the *same* parameters $\theta=(w,b)$ for all points and noise $\varepsilon_i$.

(loss-function)=
(squared-error-loss)=
Take three points, $(0,0)$, $(1,2)$ and $(2,1)$. No line $ax+b$ meets all of them. The line $y=x$ misses by $0$, $1$ and $-1$. A *loss* turns such misses into one number that says how badly the parameters explain the data, here the sum of squared errors

$$
\ell(a,b)=\sum_i(y_i-ax_i-b)^2,
$$ (eq-reg-mse)

which is $2$ for $y=x$. *Training* is to look for the parameters with the smallest loss. (Divided by $n$ it is the *mean squared error*; the minimiser is the same.) With twenty points every pair $(a,b)$ is a line on the left and a dot on the right. Find the bottom of the bowl.
"""

# %% tags=["set-up"]
line_rng = np.random.default_rng(1)
x20 = line_rng.uniform(-2, 2, 20)
y20 = 2 * x20 - 1 + 0.5 * line_rng.normal(size=20)


# %%
def loss(a, b, x, y):
    return sum((yi - a * xi - b) ** 2 for xi, yi in zip(x, y))


# %% tags=["picture"]
def line_and_dot(a, b):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    left.vlines(x20, y20, a * x20 + b, color=plot.ORANGE, lw=1)
    left.plot(x20, y20, "k.", ms=5)
    left.plot([-2, 2], [b - 2 * a, b + 2 * a], color=plot.RED)
    left.set(xlabel="$x$", ylabel="$y$", ylim=(-6, 4))
    left.set_title(f"loss {loss(a, b, x20, y20):.1f}")
    levels = [6, 10, 20, 40, 70, 110, 160]
    plot.contours(
        right, lambda a, b: loss(a, b, x20, y20), (-0.5, 4), (-3, 1.5), levels
    )
    right.plot(a, b, "o", color=plot.RED)
    right.set(xlabel="$a$", ylabel="$b$", title="parameters")
    return fig


explore(
    line_and_dot,
    alt="Left twenty points with a line and its vertical errors, right the loss as contour lines over slope a and intercept b with a dot at the line shown",
    a=[0.0, 1.0, 2.0],
    b=[0.5, -1.0, -2.0],
)

# %% [markdown]
r"""
(slopes-primer)=
At the lowest point the slopes in $a$ and in $b$ are zero, and in a convex bowl that is enough.

<details><summary>Slopes, gradients and convexity, in a few lines</summary>

Hold $b$ still and nudge $a$ by $h$: the loss changes by about $h\,\frac{\partial\ell}{\partial a}$, the *partial derivative*. All of them in one vector are the *gradient* $\nabla\ell$. At a lowest point no nudge helps, so $\nabla\ell=0$. The converse is safe if $\ell$ is *convex*, which means that its tangents lie below it,

$$
\ell(v)\ge\ell(u)+\nabla\ell(u)^\top(v-u)\quad\text{for all }u,v :
$$ (eq-reg-convex)

where $\nabla\ell(u)=0$ this says $\ell(v)\ge\ell(u)$, a global minimum. And $\ell$ is convex if along every straight line its second derivative is never negative, that is, if the matrix of second derivatives, the *Hessian* $H$, has $v^\top Hv\ge0$ for all $v$. More is not needed here; [gradient descent](#gradient-descent-chapter) walks down where there is no formula.

</details>

(regression-two-parameter-normal-equations)=
**Two equations for two unknowns.** Differentiate $(y_i-ax_i-b)^2$; the inner derivatives are $-x_i$ and $-1$:

$$
\begin{aligned}
\partial_a\ell&=\sum_i2ax_i^2-2x_iy_i+2bx_i=0\\
\partial_b\ell&=\sum_i2b-2y_i+2ax_i=0
\end{aligned}
$$ (eq-reg-two)

Two *linear* equations. The second, divided by $2n$, reads $b=\bar y-a\bar x$: the line passes through the centre of the cloud. Insert that in the first, divided by $2n$:

$$
a\bigl(\overline{x^2}-\bar x^2\bigr)=\overline{xy}-\bar x\bar y,
\qquad\text{so}\qquad
a=\frac{\operatorname{cov}(x,y)}{\operatorname{var}(x)},\quad b=\bar y-a\bar x.
$$ (eq-reg-line)

For the three points $\bar x=\bar y=1$, the covariance is $\frac13(1+0+0)$ and the variance $\frac23$, so $a=\frac12$ and $b=\frac12$: the loss falls from $2$ to $\frac14+1+\frac14$. The second derivative along $(u,v)$ is $2\sum_i(ux_i+v)^2\ge0$, so the bowl is convex and this is its bottom.
"""


# %%
def fit_line(x, y):
    a = np.mean((x - x.mean()) * (y - y.mean())) / np.var(x)
    return a, y.mean() - a * x.mean()


# %% tags=["checks"]
verify(
    "the line of the three points, and its loss",
    [
        *fit_line(np.arange(3), np.array([0, 2, 1])),
        loss(0.5, 0.5, [0, 1, 2], [0, 2, 1]),
    ],
    [1 / 2, 1 / 2, 3 / 2],
)
verify(
    "covariance over variance is np.polyfit's line",
    np.array(fit_line(x20, y20)),
    np.polyfit(x20, y20, 1),
    rtol=1e-10,
)

# %% [markdown]
r"""
**Try it.** The points are $(0,1)$, $(1,1)$ and $(2,4)$. Which line has the least squares?
"""

# %% tags=["yours"]
three_points = ...  # a pair (a, b)

exercise("three-points").check(three_points)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\bar x=1$, $\bar y=2$; the covariance is $\frac13(1+0+2)=1$, the variance $\frac23$.

```python
three_points = (3 / 2, 1 / 2)
```

</details>
"""

# %% [markdown]
r"""
(normal-equations)=
## Many regressors: the foot of a perpendicular

A line has two parameters, a last layer thousands. Geometry does not mind.

(design-matrix-form)=
Write one example in each row of the *design matrix* $X$, with a column of ones for the intercept. For the three points

$$
X=\begin{pmatrix}0&1\\1&1\\2&1\end{pmatrix},\quad\theta=\begin{pmatrix}a\\b\end{pmatrix},\qquad\hat y=X\theta
$$ (eq-reg-design)

holds all predictions at once. As $\theta$ varies, $X\theta$ runs over a plane in $\mathbb R^3$, and least squares asks for the point of that plane nearest to $y=(0,2,1)^\top$: the foot of the perpendicular. A perpendicular is orthogonal to every column of $X$, that is, $X^\top(y-X\hat\theta)=0$.

:::{prf:theorem} Normal equations
:label: thm-reg-normal
$\hat\theta$ minimises $\|y-X\theta\|^2$ if and only if

$$
X^\top X\hat\theta=X^\top y .
$$ (eq-reg-gradient)

If the columns of $X$ are independent there is exactly one, $\hat\theta=(X^\top X)^{-1}X^\top y$. The fit $X\hat\theta$ is the [orthogonal projection](#orthogonal-projection-onto-subspace) of $y$ on the span of the columns.
:::

:::{prf:proof}
Let $r=y-X\hat\theta$ be orthogonal to the columns. Then $\|y-X\theta\|^2=\|r\|^2+\|X(\hat\theta-\theta)\|^2$ for every $\theta$, as for [any nearest point of a span](#eq-la-nearest), whether the columns are independent or not. So $\hat\theta$ is a minimiser. Another one has the same $X\theta=X\hat\theta$, hence the same $r$ and the same equation; if the columns are independent, it is $\hat\theta$ itself. A $\hat\theta$ exists because every vector has a projection on a subspace.
:::

Here $X^\top X=\begin{pmatrix}5&3\\3&3\end{pmatrix}$ and $X^\top y=(4,3)^\top$, again $a=b=\frac12$. The residual $(-\frac12,1,-\frac12)$ is orthogonal to $(0,1,2)$ and to $(1,1,1)$. In code one solves the system (or lets `lstsq` do it, which loses [fewer digits](#least-squares-in-floating-point)); nobody inverts the matrix.
"""


# %%
def least_squares(X, y):  # X (n, d), y (n,)
    return np.linalg.solve(X.T @ X, X.T @ y)


# %% tags=["checks"]
diabetes = data.diabetes()
X_sick = np.c_[diabetes.X_train, np.ones(len(diabetes.y_train))]  # (342, 11)
sick_fit = linear_model.LinearRegression().fit(diabetes.X_train, diabetes.y_train)
verify(
    "342 diabetes patients: the normal equations' ten weights and the intercept are "
    "scikit-learn's",
    least_squares(X_sick, diabetes.y_train),
    np.r_[sick_fit.coef_, sick_fit.intercept_],
    atol=1e-8,
)
verify(
    "scikit-learn's residual is orthogonal to every column",
    X_sick.T @ (diabetes.y_train - sick_fit.predict(diabetes.X_train)),
    np.zeros(11),
    atol=1e-8,
)

# %% [markdown]
r"""
**"Multiplying both sides by the transpose changes nothing."** It does. For $X=(1,1)^\top$ and $y=(0,1)^\top$ no $\theta$ solves $X\theta=y$, but $X^\top X\theta=X^\top y$ reads $2\theta=1$. The second equation always has a solution: it asks for the nearest point instead.

**Try it.** $X$ has the columns $(1,1,0)^\top$ and $(0,1,1)^\top$, and $y=(2,0,1)^\top$. Find $\hat\theta$ with a pencil.
"""

# %% tags=["yours"]
foot = ...  # a pair

exercise("foot").check(foot)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$X^\top X=\begin{pmatrix}2&1\\1&2\end{pmatrix}$, $X^\top y=(2,1)^\top$: subtract twice the second equation from the first, $-3\theta_2=0$.

```python
foot = (1.0, 0.0)
```

</details>
"""

# %% [markdown]
r"""
(loss-is-likelihood)=
## A loss is a likelihood

Why *squares*? Suppose the model does not output a number but a distribution. It names a centre $F(x)$ and believes that the answer scatters around it. A loss can then be *read off*: it is the surprise about the answer, minus the logarithm of the probability that the model gave it, and to minimise its sum over the data is [maximum likelihood](#maximum-likelihood-estimation).

(gaussian-output-equals-squared-error)=
**Bell curves give squares.** For $p(y\mid x)=\mathcal N(F(x),\gamma^2I_m)$,

$$
-\log p(y\mid x)=\frac m2\log(2\pi\gamma^2)+\frac1{2\gamma^2}\|y-F(x)\|^2 .
$$ (eq-reg-gauss)

The first term does not know $F$. So maximum likelihood for $F$ *is* least squares, whatever $\gamma$, and its slope in the prediction is $(F-y)/\gamma^2$: prediction minus truth. For $\gamma$ itself, put the derivative in $\gamma^2$ to zero, $\frac m{2\gamma^2}=\frac{\|y-F\|^2}{2\gamma^4}$: it is the mean squared residual per component.

(absolute-error-loss)=
**Sharper peaks and longer tails give distances.** The Laplace density $\frac1{2s}e^{-|y-F|/s}$ makes outliers less surprising, and minus its logarithm is $|y-F|/s$ and a constant: the *absolute error*. Predict one constant $c$ for the numbers $1,2,9$. The slope of $\sum_i|y_i-c|$ is the number of points below $c$ minus the number above; it changes sign at $c=2$, the *median*. Squares have the slope $2\sum_i(c-y_i)$, zero at the *mean* $4$. Move the $9$ to $900$: the median stays.

Pull one point up and watch which line follows.
"""


# %%
def median_line(x, y):
    """Least absolute deviations: some best line passes through two of the points."""
    i, j = np.triu_indices(len(x), 1)
    a = (y[j] - y[i]) / (x[j] - x[i])  # (pairs,)
    b = y[i] - a * x[i]
    miss = abs(y - np.outer(a, x) - b[:, None]).sum(1)
    return a[miss.argmin()], b[miss.argmin()]


# %% tags=["picture"]
def one_outlier(outlier):
    fig, ax = plt.subplots(figsize=(6.8, 3.1))
    y = np.where(x20 == x20.max(), outlier, y20)
    ax.plot(x20, y, "k.", ms=5)
    for (a, b), colour, name in (
        (fit_line(x20, y), plot.BLUE, "squared"),
        (median_line(x20, y), plot.RED, "absolute"),
    ):
        ends = [b - 2 * a, b + 2 * a]
        ax.plot([-2, 2], ends, color=colour, label=f"{name}: slope {a:.2f}")
    ax.set(xlabel="$x$", ylabel="$y$", ylim=(-10, 27))
    ax.legend(loc="upper left")
    return fig


explore(
    one_outlier,
    alt="Twenty points of a line, the last one an outlier; the least-squares line follows it, the line of least absolute deviations does not",
    outlier=[25.0, 18.0, 12.0, 7.0, 3.0, -2.0, -9.0],
)

# %% tags=["checks"]
spoiled = np.where(x20 == x20.max(), 25.0, y20)
n = len(x20)
design = np.c_[x20, np.ones(n)]
program = optimize.linprog(
    np.r_[0, 0, np.ones(n)],
    np.block([[design, -np.eye(n)], [-design, -np.eye(n)]]),
    np.r_[spoiled, -spoiled],
    bounds=[(None, None)] * 2 + [(0, None)] * n,
)
verify(
    "the line of least absolute errors, by linear programming",
    np.array(median_line(x20, spoiled)),
    program.x[:2],
    atol=1e-7,
)
lever_x, lever_y = np.r_[x20, 100.0], np.r_[y20, 0.0]
verify(
    "one more point, far out in x and off the line: the median line passes through it",
    np.polyval(median_line(lever_x, lever_y), 100.0),
    0.0,
    atol=1e-9,
)
huber = linear_model.HuberRegressor(epsilon=1.35, alpha=0.0, max_iter=1000)
verify_at_most(
    "there: slope of Huber's line, over that of the twenty points",
    abs(huber.fit(lever_x[:, None], lever_y).coef_[0] / fit_line(x20, y20)[0]),
    0.2,
)
F_x, answers, gamma = torch.tensor([0.3, -1.0, 2.0]), torch.tensor([1.0, 0.5, 2.2]), 0.7
F_x.requires_grad_(True)
surprise = -torch.distributions.Normal(F_x, gamma).log_prob(answers).sum()
surprise.backward()
verify(
    "Gaussian surprise by the formula, and torch's",
    1.5 * np.log(2 * np.pi * gamma**2)
    + ((answers - F_x.detach()) ** 2).sum() / (2 * gamma**2),
    surprise,
    rtol=1e-12,
)
verify(
    "its slope in the prediction is (F − y)/γ²",
    (F_x.detach() - answers) / gamma**2,
    F_x.grad,
    rtol=1e-12,
)
residuals = np.random.default_rng(13).normal(size=(400, 3))
log_square = optimize.minimize_scalar(
    lambda u: -stats.norm(0, np.exp(u / 2)).logpdf(residuals).sum()
).x
verify(
    "the likeliest γ², by a search, is the mean squared residual",
    np.exp(log_square),
    np.mean(residuals**2),
    rtol=1e-6,
)

# %% [markdown]
r"""
**A common slip:** "The absolute error is robust." Its pull on the prediction is bounded, $\pm1$, so a point may go up as far as it likes (that is the slider). The pull on the *slope* is $\pm x$, and that is not bounded: one point far out in $x$ takes the median line along (and Huber's, [below](#regression-practice)), as surely as the squares.

Choosing a loss is choosing a belief about the noise. And the opening's line believed that a label, which is $-1$ or $+1$ and nothing else, is a real number with Gaussian noise around it. At $x=20$ it predicts $+18$, is told $+1$, and calls that a miss of 17.

**Try it.** The median halves the data. Which loss of the residual $r=y-c$ is smallest at the 90 % quantile?
"""

# %% tags=["yours"]
quantile_loss = ...  # a function of an array of residuals r = y - c

exercise("quantile-loss").check(quantile_loss)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Let points above $c$ pull with $0.9$ and points below with $0.1$. The pulls balance when nine tenths of the points lie below.

```python
quantile_loss = lambda r: np.maximum(0.9 * r, -0.1 * r)
```

</details>
"""

# %% [markdown]
r"""
(logistic-regression)=
## The opening, answered: toss a coin

(logit-link)=
(sigmoid)=
A label is the toss of a coin whose bias depends on $x$. The model must output a probability, a linear score $z=w^\top x$ (the intercept hides in $w$, with a feature that is always one) is any real number. Which real number belongs to a probability $\mu$? The *odds* $\frac\mu{1-\mu}$, three to one for $\mu=\frac34$, lie in $(0,\infty)$, and their logarithm, the *logit*, is any real number. Let that be linear, and solve for $\mu$:

$$
\log\frac\mu{1-\mu}=z\quad\Longleftrightarrow\quad\mu=\frac{e^z}{1+e^z}=\frac1{1+e^{-z}}=:\sigma(z).
$$ (eq-reg-sigmoid)

The *logistic sigmoid* $\sigma$ is no arbitrary squashing: it is "log-odds are linear", read backwards. $\sigma(0)=\frac12$, $\sigma(\ln3)=\frac34$, $\sigma(-z)=1-\sigma(z)$. *Logistic regression* is

$$
p(1\mid x)=\sigma(w^\top x).
$$ (eq-reg-logistic)

One more unit of $x_j$ multiplies the odds by $e^{w_j}$. The boundary $p=\frac12$ is the hyperplane $w^\top x=0$.

(binary-cross-entropy-loss)=
**Its loss.** With $\hat y_i=\sigma(z_i)$ the probability of the toss $y_i\in\{0,1\}$ is $\hat y_i$ or $1-\hat y_i$, in one formula $\hat y_i^{y_i}(1-\hat y_i)^{1-y_i}$. Minus the logarithm, summed over the tosses:

$$
\ell(w)=-\sum_{i=1}^n\bigl[y_i\log\hat y_i+(1-y_i)\log(1-\hat y_i)\bigr],
$$ (eq-reg-bce)

the *binary cross-entropy* or log loss. Saying $\frac34$ costs $-\ln\frac34=0.29$ if it comes true and $-\ln\frac14=1.39$ if it does not; to be certain and wrong costs infinity.

(logistic-log-likelihood-softplus)=
**How a computer should write it.** Turn the label into the sign $2y-1$. Since $1-\sigma(z)=\sigma(-z)$, both cases are

$$
-\log p(y\mid z)=-\log\sigma\bigl((2y-1)z\bigr)=\zeta\bigl((1-2y)z\bigr),\qquad\zeta(u)=\log(1+e^u),
$$ (eq-reg-softplus)

a *softplus* of the score. It never forms the probability, which would round to 0 for $z=-800$ and cost infinity, and not $800$. Such scores are called *logits*, and losses want them.
"""


# %%
def sigmoid(z):
    e = np.exp(-abs(z))  # at most 1: nothing overflows
    return np.where(z >= 0, 1, e) / (1 + e)


def logistic_loss(w, X, y):  # X (n, d), y (n,) in {0, 1}
    return np.logaddexp(0, (1 - 2 * y) * (X @ w)).sum()


# %% tags=["checks"]
z = np.array([-1000.0, -30, -2, 0, np.log(3), 40, 1000])
verify(
    "the sigmoid, far out too, against scipy's",
    sigmoid(z),
    special.expit(z),
    rtol=1e-12,
)
labels = np.array([1.0, 0, 1, 0, 1, 0, 0])
with np.errstate(over="ignore"):
    library = F.binary_cross_entropy_with_logits(
        torch.tensor(z), torch.tensor(labels), reduction="sum"
    )
verify(
    "the softplus form, against torch from logits",
    logistic_loss(z, np.eye(7), labels),
    library,
    rtol=1e-12,
)
ours = [
    logistic_loss(np.array([s]), np.ones((1, 1)), np.ones(1)) for s in (-3.0, 0.4, 5)
]
verify(
    "the softplus form is minus the logarithm of the coin's probability",
    np.array(ours),
    -stats.bernoulli(special.expit([-3.0, 0.4, 5])).logpmf(1),
    rtol=1e-9,
)

# %% [markdown]
r"""
(margin-based-losses)=
(thresholding-for-classification)=
**Now the opening.** With labels $y=\pm1$ and a score $\hat y$ the *margin* $m=y\hat y$ is positive if the sign is right, and large if it is right with room to spare. Since $y^2=1$, the squared error is $(y-\hat y)^2=y^2(1-y\hat y)^2=(1-m)^2$: a function of the margin, like the others.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Four losses against the margin: the 0/1 step; above it the hinge, a falling line that is zero beyond margin 1, the logistic, a smooth fall, and the parabola of the squared loss and the absolute loss, which rise again beyond margin 1."}}
m = np.linspace(-3, 3, 601)
fig, ax = plt.subplots(figsize=(6.8, 3.1))
for name, values, colour in (
    ("0/1: is it wrong?", m <= 0, "black"),
    ("squared, $(1-m)^2$", (1 - m) ** 2, plot.ORANGE),
    (r"logistic, $\log_2(1+e^{-m})$", np.logaddexp(0, -m) / np.log(2), plot.BLUE),
    ("absolute, $|1-m|$", abs(1 - m), plot.GREEN),
    (r"hinge, $\max(0,1-m)$", np.maximum(0, 1 - m), plot.RED),
):
    ax.plot(m, values, color=colour, label=name)
ax.set(xlabel="margin $m$", ylabel="loss", ylim=(-0.1, 4.5))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
r"""
Beyond $m=1$ the parabola *rises again*. The far points have a margin of nearly twenty, and it sends a bill for it; the line turns to reduce that bill and gives up near points, which cost less. The coin's loss falls for ever: a point far on the right side pulls with $1-\sigma(m)$, next to nothing. (The [hinge](#hinge-loss) forgets it altogether.)

Is it the bill, or is the square too harsh? Two controls. A parabola that *stops*, $(1-m)^2$ up to $m=1$ and zero beyond, is as harsh and sends no bill; it is nobody's likelihood. The absolute error $|y-\hat y|=|1-m|$ is mild, and bills. (The classes are separable and the coin's loss alone has [no minimum](#eq-reg-separable), so coin and stopped parabola get a penalty $1/C$ on the slope, three of them.)
"""


# %% tags=["set-up"]
def stopped_cut(x, y, penalty):
    """Cut of the line with the loss (1 − m)² up to margin 1 and 0 beyond."""
    bill = lambda p: np.maximum(0, 1 - y * (p[0] * x + p[1]))
    a, b = optimize.minimize(
        lambda p: (bill(p) ** 2).sum() + penalty / 2 * p[0] ** 2, [1.0, 0.0]
    ).x
    return -b / a


def coin_cut(x, y, penalty):
    model = linear_model.LogisticRegression(C=1 / penalty, max_iter=5000, tol=1e-8)
    model.fit(x[:, None], y)
    return -model.intercept_[0] / model.coef_[0, 0]


def absolute_cut(x, y):
    line = linear_model.QuantileRegressor(quantile=0.5, alpha=0.0).fit(x[:, None], y)
    return -line.intercept_ / line.coef_[0]


both_data = ((near, near_y), (crowd, crowd_y))
cuts_by = {"line, squared errors": [-b_near / a_near, -b_crowd / a_crowd]}
cuts_by["line, absolute errors"] = [absolute_cut(x, y) for x, y in both_data]
for name, cut_of in (("stopped parabola", stopped_cut), ("logistic", coin_cut)):
    for penalty in (0.01, 1.0, 1000.0):
        cuts_by[f"{name}, C = {1 / penalty:g}"] = [
            cut_of(x, y, penalty) for x, y in both_data
        ]
print(f"{'':30}{'200 points':>24}{'300 points':>24}")
for name, cuts in cuts_by.items():
    shares = [np.mean(np.sign(x - c) != y) for c, (x, y) in zip(cuts, both_data)]
    cells = [
        f"cut {round(c, 2) + 0.0:5.2f}, {100 * w:.1f} % wrong"
        for c, w in zip(cuts, shares)
    ]
    print(f"{name:30}" + "".join(f"{cell:>24}" for cell in cells))

# %% [markdown]
r"""
The mild loss does worst: its line meets the labels at $-1$ and $20$ and gives up the group at $1$, a third of all points. The harsh parabola that stops does not move, nor does the coin, until a penalty of a thousand flattens its curve so much that it is not sure even at $20$. Then the crowd's points are votes, no bill: put at $1$ they move the cut much further. So what hurt was the bill for being right; and the coin's loss also gives probabilities.
"""

# %% tags=["checks"]
shifts = {name: abs(after - before) for name, (before, after) in cuts_by.items()}
verify_at_most(
    "stopped parabola at three penalties, coin at two: how far the crowd moves the cut",
    [v for name, v in shifts.items() if "C =" in name and name[-11:] != ", C = 0.001"]
    + [shifts["stopped parabola, C = 0.001"]],
    0.3 / 20,  # a twentieth of a standard deviation of a class
)
crowd_at_one = coin_cut(np.r_[near, crowd[200:] - 19], crowd_y, 1000.0)
verify_at_least(
    "penalty of a thousand: the crowd moves the coin's cut; put at 1, so many times as far",
    [
        shifts["logistic, C = 0.001"],
        abs(crowd_at_one - cuts_by["logistic, C = 0.001"][0])
        / shifts["logistic, C = 0.001"],
    ],
    [0.3, 5],
)
verify(
    "least absolute errors: share wrong, the whole group at 1",
    np.mean(np.sign(crowd - cuts_by["line, absolute errors"][1]) != crowd_y),
    1 / 3,
)
a_mild, b_mild = median_line(crowd[::6], crowd_y[::6])
verify(
    "least absolute errors by trying all pairs of a sixth of the points: share wrong",
    np.mean(np.sign(a_mild * crowd + b_mild) != crowd_y),
    1 / 3,
)
verify_at_most(
    "300 points: share that they have wrong",
    [
        np.mean(np.sign(crowd - cuts[1]) != crowd_y)
        for name, cuts in cuts_by.items()
        if "C =" in name
    ],
    0.01,
)
count_wrong = lambda p: np.mean(np.sign(p[0] * crowd + p[1]) != crowd_y)
push = [
    optimize.approx_fprime(np.array([a, b]), count_wrong, 1e-9)
    for a, b in np.random.default_rng(24).normal(size=(100, 2))
]
verify(
    "the 0/1 loss itself gives no slope to follow, at a hundred random lines",
    np.array(push),
    np.zeros((100, 2)),
    atol=1e-12,
)

# %% [markdown]
r"""
**Try it.** A model gives a patient the probability $0.2$; the weight of "cigarettes per day" is $0.7$. Which probability has a patient who differs only by two more cigarettes?
"""

# %% tags=["yours"]
odds = ...  # a probability

exercise("odds").check(odds)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The odds $\frac14$ are multiplied by $e^{1.4}$, to $1.01$: a probability of one half.

```python
odds = 0.25 * np.exp(1.4) / (1 + 0.25 * np.exp(1.4))
```

</details>
"""

# %% [markdown]
r"""
(logistic-gradient)=
## Prediction minus truth

Every backward pass of a classifier starts with one number per score: the slope of the loss. It is prediction minus truth. Why?

(sigmoid-derivative)=
First the slope of the sigmoid itself, by the quotient rule:

$$
\sigma'(z)=\frac{e^{-z}}{(1+e^{-z})^2}=\sigma(z)\cdot\frac{e^{-z}}{1+e^{-z}}=\sigma(z)\bigl(1-\sigma(z)\bigr)\le\tfrac14 ,
$$ (eq-reg-sigmoid-derivative)

no new exponential, largest at $z=0$, next to nothing far out, where the sigmoid *saturates*. (In terms of the hyperbolic tangent it is $\frac14(1-\tanh^2\frac z2)$.)

Now the chain $w\to z\to\hat y\to\log\hat y$ with $z=x^\top w$ and $\hat y=\sigma(z)$. Its three factors are $\frac1{\hat y}$, $\hat y(1-\hat y)$ and $x$. Multiply them; the troublesome $\hat y$ cancels:

$$
\nabla_w\log\hat y=\frac1{\hat y}\cdot\hat y(1-\hat y)\cdot x=(1-\hat y)\,x .
$$

For the other label $1-\hat y$ has the slope $-\hat y(1-\hat y)$, so $\nabla_w\log(1-\hat y)=-\hat y\,x$. Weigh the two with $y$ and $1-y$ and flip the sign:

$$
-y(1-\hat y)\,x+(1-y)\,\hat y\,x=(-y+y\hat y+\hat y-y\hat y)\,x=(\hat y-y)\,x .
$$

Summed over the data, with the examples as rows of $X$:

$$
\nabla\ell(w)=\sum_i(\hat y_i-y_i)\,x_i=X^\top\bigl(\sigma(Xw)-y\bigr).
$$ (eq-reg-logistic-gradient)

*Prediction minus truth, times the input*: the form of the gradient of $\frac12\|y-X\theta\|^2$, $X^\top(X\theta-y)$, which [the normal equations](#eq-reg-gradient) set to zero. By hand: a point $x=2$ with label $1$ and weight $w=0$ is given $\hat y=\frac12$, and pulls with $(\frac12-1)\cdot2=-1$: the weight should grow.

Once more by $w$: $\hat y_i$ has the gradient $\hat y_i(1-\hat y_i)x_i$, so the Hessian is

$$
H(w)=\sum_i\hat y_i(1-\hat y_i)\,x_ix_i^\top=X^\top SX,\qquad S=\operatorname{diag}\bigl(\hat y_i(1-\hat y_i)\bigr),
$$ (eq-reg-logistic-hessian)

and $v^\top Hv=\sum_i\hat y_i(1-\hat y_i)(x_i^\top v)^2\ge0$. The loss is [convex](#eq-reg-convex): every zero of the gradient is a global minimum. (The squared error of $\hat y$ is not, and it [hardly corrects](#mse-saturates-for-classification) a unit that is confidently wrong: nothing cancels there.)
"""


# %%
def logistic_gradient(w, X, y):
    return X.T @ (sigmoid(X @ w) - y)


def logistic_hessian(w, X):
    p = sigmoid(X @ w)
    return (X * (p * (1 - p))[:, None]).T @ X


# %% tags=["set-up"]
coin_rng = np.random.default_rng(251)
x50 = coin_rng.normal(size=50)
y50 = (coin_rng.uniform(size=50) < special.expit(1.5 * x50 - 0.5)).astype(float)
X50 = np.c_[
    x50, np.ones(50)
]  # fifty coins whose bias rises with x: the classes overlap

# %% tags=["checks"]
tX, ty = torch.tensor(X50), torch.tensor(y50)
torch_loss = lambda v: F.binary_cross_entropy_with_logits(tX @ v, ty, reduction="sum")
spots = np.random.default_rng(26).normal(0, 2, (20, 2))
verify(
    "X⊤(ŷ − y) at twenty places, by automatic differentiation",
    np.array([logistic_gradient(w, X50, y50) for w in spots]),
    np.array(
        [torch.autograd.functional.jacobian(torch_loss, torch.tensor(w)) for w in spots]
    ),
    atol=1e-10,
)
verify(
    "X⊤SX at twenty places, by automatic differentiation",
    np.array([logistic_hessian(w, X50) for w in spots]),
    np.array(
        [torch.autograd.functional.hessian(torch_loss, torch.tensor(w)) for w in spots]
    ),
    atol=1e-10,
)
t = torch.linspace(-6, 6, 121, requires_grad=True)
torch.sigmoid(t).sum().backward()
s = sigmoid(t.detach().numpy())
verify("σ′ = σ(1 − σ), by automatic differentiation", s * (1 - s), t.grad, atol=1e-12)
verify(
    "σ′ in terms of the hyperbolic tangent",
    (1 - np.tanh(t.detach().numpy() / 2) ** 2) / 4,
    t.grad,
    atol=1e-12,
)

# %% [markdown]
r"""
**Try it.** Somebody labels a picture "a cat, I am 90 % sure", and you train with $y=0.9$ (a *soft label*). At which score is the loss smallest?
"""

# %% tags=["yours"]
soft_label = ...  # a score z

exercise("soft-label").check(soft_label)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The slope $\sigma(z)-0.9$ is zero where the log-odds are those of $0.9$: nine to one.

```python
soft_label = np.log(9)
```

</details>
"""

# %% [markdown]
r"""
(logistic-no-closed-form)=
## Newton's method, and how it runs away

Setting [the gradient](#eq-reg-logistic-gradient) to zero gives equations with $e^{-w^\top x_i}$ in them, and in general no formula solves them for $w$. How does one get there all the same, in five steps, and why does the same method, started a little further out, run away?

(newton-primer)=
**Newton's step, in three lines.** Near $w$ the loss is almost its quadratic model $\ell(w+s)\approx\ell(w)+g^\top s+\frac12s^\top Hs$, with gradient $g$ and Hessian $H$. The slope of the model in $s$ is $g+Hs$; it is zero for $s=-H^{-1}g$. Go there, look again, repeat ([more there](#newton-method)):

$$
w\leftarrow w-(X^\top SX)^{-1}X^\top(\hat y-y).
$$ (eq-reg-newton)

By hand, for one weight and the points $x=-1,1$ with labels $0,1$ and one more $x=1$ with label $0$: at $w=0$ all $\hat y=\frac12$, $g=-\frac12-\frac12+\frac12=-\frac12$, $H=\frac34$, and the step goes to $w=\frac23$.

<details><summary>Why its old name is iteratively reweighted least squares</summary>

Write the old $w$ as $(X^\top SX)^{-1}X^\top S\,Xw$ and collect: the new $w$ is $(X^\top SX)^{-1}X^\top S\,\bigl(Xw+S^{-1}(y-\hat y)\bigr)$, a least-squares fit with the weights $S$ to a *working response*.

</details>

On fifty coins whose classes overlap, started at zero, five steps give ten digits. So is that all? Here it starts at $(3,0)$; move it.
"""


# %%
def newton(w, X, y, steps=12, damped=True, penalty=0.0):  # setting
    P, path = np.diag(penalty * np.ones(X.shape[1])), [np.asarray(w, float)]
    f = lambda w: logistic_loss(w, X, y) + w @ P @ w / 2
    while len(path) <= steps and abs(path[-1]).max() < 1e4:  # setting: lost
        w, eta = path[-1], 1.0
        g = logistic_gradient(w, X, y) + P @ w
        step = np.linalg.solve(logistic_hessian(w, X) + P, g)
        while damped and f(w - eta * step) > f(w) - eta / 4 * g @ step + 1e-12:
            eta = eta / 2
        path.append(w - eta * step)
    return np.array(path)  # (steps + 1, d)


# %% tags=["picture"]
def run_away(start):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
    surface = lambda a, b: np.logaddexp(
        0, (1 - 2 * y50) * (a[..., None] * x50 + b[..., None])
    ).sum(-1)
    levels = [25, 30, 40, 55, 75, 100, 140]
    plot.contours(left, surface, (-6, 7), (-5, 5), levels)
    for damped, colour, name in (
        (False, plot.RED, "plain"),
        (True, plot.BLUE, "damped"),
    ):
        path = newton([start, 0], X50, y50, 8, damped)
        left.plot(*path.T, ".-", color=colour, lw=1)
        losses = [logistic_loss(w, X50, y50) for w in path]
        right.semilogy(losses, ".-", color=colour, label=name)
    left.set(xlim=(-6, 7), ylim=(-5, 5), xlabel="$w_1$", ylabel="$w_2$ (intercept)")
    right.set(xlabel="step", title="loss", ylim=(20, 1e5))
    right.legend(loc="upper right")
    return fig


explore(
    run_away,
    alt="Newton's path over the contour lines of the logistic loss and the loss at every step: from starts between -1 and 2.5 the plain method converges, from -2, 2.8 and 3 it leaves the picture and the loss explodes; the damped method converges from all of them",
    start=[3.0, 2.8, 2.5, 2.0, 0.0, -1.0, -2.0],
)

# %% [markdown]
r"""
From $(2.5,0)$ it converges, from $(3,0)$ it is thrown beyond a million, where every sigmoid rounds to 0 or 1 and the matrix to zero. A convex function, a positive definite Hessian, and Newton's method *diverges*: far out the sigmoids are saturated, the curvature is tiny, and $H^{-1}g$ believes a parabola that is true only near by.

The cure is to *damp*: halve the step until the loss falls by at least a quarter of what the slope promises. Since $-H^{-1}g$ points downhill, a short enough step always does. Near the minimum the full step passes the test and the digits double again.
"""

# %% tags=["checks"]
best50 = optimize.minimize(
    logistic_loss, [0, 0], args=(X50, y50), options={"gtol": 1e-9}
).x
starts = [(a, b) for a in (-5, -3, -1, 0, 1, 3, 5) for b in (-4, 0, 4)]
verify(
    "damped, 21 starts: all arrive where a library's search does",
    np.array([newton(s, X50, y50, 25)[-1] for s in starts]),
    np.tile(best50, (21, 1)),
    atol=1e-6,
)
held = linear_model.LogisticRegression(C=0.5, fit_intercept=False, tol=1e-10)
verify(
    "damped and with the penalty 2 ‖w‖²/2, 21 starts: where scikit-learn arrives",
    np.array([newton(s, X50, y50, 25, penalty=2.0)[-1] for s in starts]),
    np.tile(held.fit(X50, y50).coef_[0], (21, 1)),
    atol=1e-4,
)
thrown = newton([3, 0], X50, y50, 12, False)[-1]
verify_at_least("plain, from (3, 0): where it is thrown", abs(thrown).max(), 1e6)
verify("the Hessian there", logistic_hessian(thrown, X50), np.zeros((2, 2)))
verify(
    "plain, from (2.5, 0)", newton([2.5, 0], X50, y50, 12, False)[-1], best50, atol=1e-6
)
by_formula = [
    np.linalg.norm(logistic_gradient(w, X50, y50))
    for w in newton([0, 0], X50, y50, 6, False)
]
verify_at_most("plain, from zero: the gradient after five steps", by_formula[5], 1e-10)
plain = newton([1.5, 0.5], X50, y50, 1, False)
p = sigmoid(X50 @ plain[0])
working = linear_model.LinearRegression(fit_intercept=False).fit(
    X50, X50 @ plain[0] + (y50 - p) / (p * (1 - p)), sample_weight=p * (1 - p)
)
verify(
    "a Newton step is a weighted least-squares fit, by scikit-learn",
    plain[1],
    working.coef_,
    rtol=1e-8,
)
hand = newton(
    [0.0], np.array([[-1.0], [1.0], [1.0]]), np.array([0.0, 1.0, 0.0]), 1, False
)
verify("the step done by hand", hand[1], [2 / 3])

# %% [markdown]
r"""
**When there is no minimum.** If a hyperplane separates the classes, scaling $w$ up makes every point more certain and the loss ever smaller; nothing is ever attained. Take points $\pm m,\pm3m,\dots$ on $[-1,1]$ labelled by their sign. Late in the walk only the two at $\pm m$ still pull, each with $m e^{-mw}$, so under small gradient steps $\dot w\approx2me^{-mw}$, which integrates to

$$
w(t)\approx\frac1m\log(2m^2t):
$$ (eq-reg-separable)

slow, but without end. A penalty (below) gives such data a minimum; without one, "the weights" of a separable problem only say when somebody stopped.
"""

# %% tags=["checks"]
row = np.linspace(-1, 1, 20)
flow = integrate.solve_ivp(
    lambda t, w: [-logistic_gradient(w, row[:, None], (row > 0).astype(float))[0]],
    (0, 1e9),
    [0.0],
    method="LSODA",
    t_eval=[1e7, 1e9],
    rtol=1e-8,
)
verify(
    "separable points: weight after the times 10⁷ and 10⁹",
    flow.y[0],
    19 * np.log(2 / 19**2 * np.array([1e7, 1e9])),
    rtol=1e-3,
)

# %% [markdown]
r"""
**Try it.** One weight, no intercept, the points $x=1,1,2$ with labels $0,1,1$. Where does one Newton step from $w=0$ lead?
"""

# %% tags=["yours"]
newton_by_hand = ...  # the new w

exercise("newton-by-hand").check(newton_by_hand)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$g=\frac12\cdot1-\frac12\cdot1-\frac12\cdot2=-1$, $H=\frac14(1+1+4)=\frac32$.

```python
newton_by_hand = 2 / 3
```

</details>
"""

# %% [markdown]
r"""
(softmax)=
## More than two classes: why exponentials?

A language model is a classifier with fifty thousand classes, and it ends in one line: scores in, probabilities out. The scores are linear, one column of weights for each class: $z=W^\top x$. The label is a list too, 1 in the place of the true class and 0 elsewhere (*one-hot*); the numbers 0, 1, 2 would claim an order. And the probabilities: why by $e^z$ and not, say, by squares or absolute values, which are positive too?

**Because log-odds are to be linear.** For two classes the model said that scores are log-odds. Ask the same of every pair: the log-odds of $i$ against $j$ shall be the difference of their scores,

$$
\log\frac{p_i}{p_j}=z_i-z_j\qquad\text{for all }i,j.
$$

Then $p_ie^{-z_i}=p_je^{-z_j}$ for all pairs: the number $p_ie^{-z_i}$ is the same for all classes, call it $\frac1N$. So $p_i=e^{z_i}/N$, and as probabilities sum to one there is no choice left:

$$
p_i=\operatorname{softmax}(z)_i=\frac{e^{z_i}}{\sum_je^{z_j}} .
$$ (eq-reg-softmax)

<details><summary>And because it claims least: the largest entropy</summary>

Among all distributions $q$ with the same mean score $\sum_iq_iz_i$ the softmax $p$ has the largest entropy: it decides nothing that the scores do not say. Proof in a line: $\log p_i=z_i-\log N$, and by [Gibbs' inequality](#kl-divergence) $H(q)\le-\sum_iq_i\log p_i=\log N-\sum_iq_iz_i=\log N-\sum_ip_iz_i=H(p)$.

</details>

By hand: the scores $(2,1,0)$ have the exponentials $7.39$, $2.72$, $1$, which sum to $11.11$, so $p=(0.67,0.24,0.09)$. Only differences matter: $(102,101,100)$ gives the same, on paper. In floating point $e^{1000}$ is infinite and $\infty/\infty$ is not a number, so one always subtracts the largest score first. With two classes softmax is $\sigma(z_1-z_2)$. Dividing the scores by a *temperature* sharpens (cold) or flattens (hot).
"""


# %%
def softmax(z):  # (..., m)
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


# %% tags=["picture"]
def temperature(T):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8))
    scores = np.array([2.0, 1.0, 0.2, -0.5, 1.6])
    left.bar(range(5), scores, color=plot.GREY)
    left.set(title="scores", xlabel="class", ylim=(-1, 2.4))
    right.bar(range(5), softmax(scores / T), color=plot.BLUE)
    right.set(title="softmax of scores / T", xlabel="class", ylim=(0, 1.02))
    return fig


explore(
    temperature,
    alt="Left five scores as bars, right their softmax: nearly all on the largest for small T, nearly uniform for large T",
    T=[1.0, 0.05, 0.1, 0.2, 0.5, 2.0, 5.0],
)

# %% [markdown]
r"""
(softmax-log-likelihood)=
**Its loss.** The surprise about class $y$ is

$$
-\log p_y=-z_y+\log\sum_ie^{z_i}=\log\Bigl[1+\sum_{i\ne y}e^{z_i-z_y}\Bigr].
$$ (eq-reg-softmax-nll)

The *log-sum-exp* (log-partition function) is a soft maximum: keep only the largest term, or replace all $m$ by it, and $\max z\le\log\sum_ie^{z_i}\le\max z+\log m$.

**Its slope.** $\frac{\partial}{\partial z_k}\log\sum_ie^{z_i}=\frac{e^{z_k}}{\sum_ie^{z_i}}=p_k$, and $z_y$ has the slope $1$ for $k=y$, so

$$
\frac{\partial}{\partial z_k}(-\log p_y)=p_k-\mathbb 1[k=y],\qquad\nabla_W\ell=X^\top(P-Y)
$$ (eq-reg-softmax-gradient)

since $z_k=\sum_jW_{jk}x_j$ moves by $x_j$ when $W_{jk}$ moves by one; the examples, their probabilities and their one-hot labels are the rows of $X$, $P$ and $Y$: *prediction minus truth, times the input*, again. In the example, if the first class is true, the loss is $-\ln0.67=0.41$ and the slope $(-0.33,0.24,0.09)$; the entries sum to zero. Differentiating $p_i=e^{z_i}/N$ once more by the quotient rule gives $\partial_kp_i=p_i\mathbb 1[i=k]-p_ip_k$,

$$
J=\operatorname{diag}(p)-pp^\top ,
$$ (eq-reg-softmax-jacobian)

and $v^\top Jv$ is the variance of $v_i$ when $i$ is drawn from $p$. So it is never negative, and the loss is convex.

**What its value means.** If one $p$ answers for many examples, whose labels have the frequencies $\hat p$, the mean loss is $-\sum_k\hat p_k\log p_k$, the [cross-entropy](#cross-entropy) $H(\hat p,p)=H(\hat p)+\mathrm{KL}(\hat p\,\|\,p)$: the unavoidable surprise, plus what is paid for believing the wrong distribution. Two marks to know: a model that knows nothing pays $\ln m$, for ten digits $2.30$; and $e^{\text{loss}}$ (*perplexity*) says between how many equally likely answers it seems to hesitate.
"""


# %%
def cross_entropy(z, y):  # scores (n, m), integer labels (n,)
    z = z - z.max(1, keepdims=True)
    return np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y]  # (n,)


# %% tags=["checks"]
rng = np.random.default_rng(31)
z, y = rng.normal(0, 3, (200, 6)), rng.integers(0, 6, 200)
tz = torch.tensor(z, requires_grad=True)
library = F.cross_entropy(tz, torch.tensor(y), reduction="none")
library.sum().backward()
verify(
    "surprise of 200 labels, against torch's cross_entropy",
    cross_entropy(z, y),
    library,
    atol=1e-10,
)
verify("its slope: p − one-hot", softmax(z) - np.eye(6)[y], tz.grad, atol=1e-10)
p = softmax(z[0])
verify(
    "diag(p) − pp⊤, by automatic differentiation",
    np.diag(p) - np.outer(p, p),
    torch.autograd.functional.jacobian(lambda v: torch.softmax(v, 0), tz[0].detach()),
    atol=1e-12,
)
verify(
    "scores of a thousand: softmax and loss, against the sigmoid of their difference",
    [
        softmax(np.array([1000.0, 999]))[0],
        softmax(np.array([1000.0, 0]))[0],
        cross_entropy(np.array([[999.0, 1000]]), [0])[0],
    ],
    [special.expit(1.0), special.expit(1000.0), -np.log(special.expit(-1.0))],
    rtol=1e-12,
)
steps = rng.normal(size=(500, 6)) * 0.02
flat = np.c_[np.ones(6), z[0]]  # moves that keep the sum and the mean score
steps -= steps @ flat @ np.linalg.pinv(flat)
rivals = p + p.min() * steps / abs(steps).max()
verify_at_least(
    "500 rivals with the same mean score have less entropy, the closest by",
    (stats.entropy(p) - stats.entropy(rivals, axis=1)).min(),
    1e-9,
)

# %% [markdown]
r"""
(multinomial-logistic-regression)=
**Digits.** Linear scores $z=W^\top x$ on $8\times8$ pixels make *multinomial logistic regression*. Adding one vector to all columns of $W$ changes no probability, so one may fix one column at zero; for two classes that is logistic regression with $w=w_2-w_1$. Two hundred gradient steps with this formula, and what has each class learnt to look for (purple: ink counts for it, orange: against)?
"""

# %% tags=["set-up"]
digits = data.digits(1400)
ink = np.c_[digits.X_train, np.ones(1400)]  # (1400, 65)
ink_test = np.c_[digits.X_test, np.ones(len(digits.y_test))]


# %%
def softmax_gradient(W, X, y):  # W (d, m), X (n, d), y (n,)
    Y = np.eye(W.shape[1])[y]  # (n, m), one-hot
    return X.T @ (softmax(X @ W) - Y) / len(y)


W_digits = np.zeros((65, 10))  # setting
for _ in range(200):  # setting
    W_digits -= 0.5 * softmax_gradient(W_digits, ink, digits.y_train)  # setting

# %% tags=["picture"] mystnb={"image": {"alt": "Ten small pictures, the weights of the ten classes: each shows in purple where ink speaks for the digit and in orange where it speaks against it; the zero has an orange centre."}}
fig, axes = plt.subplots(2, 5, figsize=(6.8, 2.9))
for k, ax in enumerate(axes.flat):
    ax.imshow(W_digits[:64, k].reshape(8, 8), cmap="PuOr", vmin=-0.8, vmax=0.8)
    ax.set(title=f"{k}", xticks=[], yticks=[])
    ax.grid(False)
plt.show()
p_new = softmax(ink_test @ W_digits)  # (397, 10)
surprises = -np.log(p_new[np.arange(397), digits.y_test])
dearest = surprises.argmax()
print(f"right {(p_new.argmax(1) == digits.y_test).mean():.0%}", end=", ")
print(
    f"mean surprise {surprises.mean():.2f}, largest {surprises[dearest]:.2f}:", end=" "
)
print(f"a {digits.y_test[dearest]} called a {p_new[dearest].argmax()}")

# %% [markdown]
r"""
For the zero, ink in its middle speaks against it; the templates are not digits but *differences* between digits. With them 95 % of 397 new digits are read right, at a mean surprise of $0.27$, where knowing nothing costs $2.30$. The dearest of all, a nine called a five, costs $3.68$.
"""

# %% tags=["checks"]
probe = torch.tensor(
    np.random.default_rng(32).normal(size=(65, 10)), requires_grad=True
)
F.cross_entropy(torch.tensor(ink) @ probe, torch.tensor(digits.y_train)).backward()
verify(
    "X⊤(P − Y)/n on the digits, by automatic differentiation",
    softmax_gradient(probe.detach().numpy(), ink, digits.y_train),
    probe.grad,
    atol=1e-10,
)
verify(
    "digits 0 and 1 only: the softmax is the sigmoid of (w₁ − w₀)⊤x",
    softmax(ink_test @ W_digits[:, :2])[:, 1],
    special.expit(ink_test @ (W_digits[:, 1] - W_digits[:, 0])),
    atol=1e-12,
)
verify_at_least(
    "share of the new digits read", (p_new.argmax(1) == digits.y_test).mean(), 0.94
)
verify_at_most(
    "mean surprise over that of knowing nothing", surprises.mean() / np.log(10), 1 / 8
)
verify(
    "dearest digit: the cross-entropy of one example, by the library",
    surprises[dearest],
    F.cross_entropy(
        torch.tensor(ink_test @ W_digits), torch.tensor(digits.y_test), reduction="none"
    ).max(),
    atol=1e-10,
)
shifted = W_digits + np.random.default_rng(33).normal(size=(65, 1))
verify(
    "the same vector added to all classes: every probability stays",
    softmax(ink_test @ shifted),
    softmax(ink_test @ W_digits),
    atol=1e-10,
)

# %% [markdown]
r"""
**Try it.** Three classes shall get the probabilities $\frac12,\frac14,\frac14$. Give scores.
"""

# %% tags=["yours"]
three_scores = ...  # three numbers

exercise("three-scores").check(three_scores)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The odds of the first against each other are two to one, so its score is $\ln2$ higher; a common constant is free.

```python
three_scores = (np.log(2), 0.0, 0.0)
```

</details>
"""

# %% [markdown]
r"""
(generalized-linear-model)=
## One pattern: the canonical link

Three times the gradient was prediction minus truth, times the input. A coincidence?

A *generalised linear model* says $\mathbb E[y\mid x]=\mu(z)$ with a score $z=w^\top x$ and an invertible $\mu$; the inverse of $\mu$ is the *link function*. Suppose the distribution can be written with its score in one place,

$$
p(y)=h(y)\,e^{\,yz-A(z)},
$$ (eq-reg-glm)

where $h$ does not know $z$ and $A$ only makes the probabilities sum to one. The coin can: $\sigma(z)^y(1-\sigma(z))^{1-y}=e^{yz-\log(1+e^z)}$. So can a count: Poisson's $\frac{\mu^y}{y!}e^{-\mu}=\frac1{y!}e^{\,y\log\mu-\mu}$, with $z=\log\mu$. Now differentiate $\sum_yp(y)=1$ in $z$, once and twice:

$$
\begin{aligned}
\sum_y(y-A')\,p(y)&=0&&\Rightarrow\quad A'(z)=\mathbb E[y]=\mu,\\
\sum_y\bigl[(y-A')^2-A''\bigr]p(y)&=0&&\Rightarrow\quad A''(z)=\operatorname{Var}(y).
\end{aligned}
$$

So $-\log p$ has the slope $A'(z)-y=\mu-y$ in the score and the curvature $\operatorname{Var}(y)\ge0$, and with $z=w^\top x$

$$
\nabla_w\ell=X^\top(\hat\mu-y),\qquad H=X^\top SX,\quad S=\operatorname{diag}\bigl(\operatorname{Var}(y_i)\bigr).
$$ (eq-reg-glm-gradient)

| answer | distribution | score $z$ | prediction $\mu(z)$ | variance $\mu'(z)$ | loss |
|---|---|---|---|---|---|
| real number | Gaussian, $\sigma=1$ | $\mu$ | $z$ | $1$ | $\frac12(z-y)^2$ |
| yes or no | Bernoulli | $\log\frac\mu{1-\mu}$ | $\sigma(z)$ | $\mu(1-\mu)$ | $\zeta(z)-yz$ |
| one of $m$ | categorical | log-odds, up to a constant | softmax | $\operatorname{diag}(p)-pp^\top$ | cross-entropy |
| count | Poisson | $\log\mu$ | $e^z$ | $\mu$ | $e^z-yz$ |

The link that makes $w^\top x$ the score of [this form](#eq-reg-glm) is called *canonical*. **With any other link the pattern is false**: a factor is left, $\frac d{dz}(-\log p)=(\mu-y)\,\frac{\mu'(z)}{\operatorname{Var}(y)}$. The *probit* model, $\mu=\Phi(z)$ with the normal distribution function, is an example.

<details><summary>Where the factor comes from, and Fisher scoring</summary>

The model's $z=w^\top x$ is then not the score of the distribution; call that $\vartheta$, a function of $z$. The slope in $\vartheta$ is $\mu-y$ as before. Since $\frac{d\mu}{d\vartheta}=A''(\vartheta)=\operatorname{Var}(y)$, we have $\frac{d\vartheta}{dz}=\mu'(z)/\operatorname{Var}(y)$: the factor, by the chain rule; for the canonical link it is 1. In place of the Hessian the program takes its mean over the answers, $X^\top\operatorname{diag}\bigl(\mu'^2/\operatorname{Var}(y_i)\bigr)X$ (*Fisher scoring*), which for the canonical link is Newton's $X^\top SX$. It is not damped; for hard data it should be.

</details>

One program serves every row with a single score, and the probit:
"""


# %%
def glm_gradient(w, X, y, mean, slope, variance):
    z = X @ w
    return X.T @ ((mean(z) - y) * slope(z) / variance(mean(z)))


def glm_newton(X, y, mean, slope, variance, steps=25):  # setting
    w = np.zeros(X.shape[1])
    for _ in range(steps):
        weight = slope(X @ w) ** 2 / variance(mean(X @ w))
        g = glm_gradient(w, X, y, mean, slope, variance)
        w = w - np.linalg.solve((X * weight[:, None]).T @ X, g)
    return w


# %% tags=["set-up"]
count_rng = np.random.default_rng(35)
X_count = np.c_[count_rng.normal(size=(1000, 3)), np.ones(1000)]
y_count = count_rng.poisson(np.exp(X_count @ [0.5, -0.3, 0.2, 0.4])).astype(float)
coin_variance = lambda mu: mu * (1 - mu)

# %% tags=["checks"]
poisson = linear_model.PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000)
poisson.fit(X_count[:, :3], y_count)
verify(
    "counts: log link, against scikit-learn's Poisson regression",
    glm_newton(X_count, y_count, np.exp, np.exp, lambda mu: mu),
    np.r_[poisson.coef_, poisson.intercept_],
    atol=1e-5,
)
verify(
    "real numbers: identity link is least squares",
    glm_newton(X_count, y_count, lambda z: z, np.ones_like, np.ones_like),
    np.linalg.lstsq(X_count, y_count, rcond=None)[0],
    atol=1e-10,
)
w_at = np.array([0.8, -0.3])
probit_loss = lambda w: (
    -np.where(y50 == 1, stats.norm.logcdf(X50 @ w), stats.norm.logsf(X50 @ w)).sum()
)
true_slope = np.array(
    [(probit_loss(w_at + h) - probit_loss(w_at - h)) / 2e-5 for h in 1e-5 * np.eye(2)]
)
probit = glm_gradient(w_at, X50, y50, stats.norm.cdf, stats.norm.pdf, coin_variance)
verify(
    "probit: the gradient with its factor, by differences",
    probit,
    true_slope,
    atol=1e-6,
)
verify_at_least(
    "probit: prediction minus truth, without the factor, is off by",
    abs(X50.T @ (stats.norm.cdf(X50 @ w_at) - y50) - true_slope).max(),
    1,
)
probit_best = optimize.minimize(probit_loss, [0, 0], options={"gtol": 1e-9}).x
verify(
    "probit: the same program finds the likeliest weights",
    glm_newton(X50, y50, stats.norm.cdf, stats.norm.pdf, coin_variance),
    probit_best,
    atol=1e-5,
)

# %% [markdown]
r"""
**Try it.** Waiting times have the density $\frac1\mu e^{-y/\mu}$ with mean $\mu$. What is their canonical score $z$, as a function of $\mu$?
"""

# %% tags=["yours"]
waiting_link = ...  # a function of mu

exercise("waiting-link").check(waiting_link)

# %% [markdown]
r"""
<details><summary>Solution</summary>

What multiplies $y$ in the logarithm: $z=-\frac1\mu$ (and $A=\log\mu=-\log(-z)$, whose slope is $-\frac1z=\mu$, as it must be).

```python
waiting_link = lambda mu: -1 / mu
```

</details>
"""

# %% [markdown]
r"""
(polynomial-regression)=
## The price of a parameter

Left alone, likelihood prefers the larger model. What does a parameter cost?

A parabola is a *linear combination* of $1$, $x$ and $x^2$. So

$$
y_i=b+\sum_{j=1}^ka_jx_i^j+\varepsilon_i
$$ (eq-reg-poly)

is linear regression with the features $1,x,\dots,x^k$: nonlinear in $x$, linear in its $p=k+1$ parameters, and everything above applies. Raise the degree on thirty noisy points of a cosine.
"""


# %% tags=["set-up"]
def cosine(x):
    return np.cos(1.5 * np.pi * x)


def powers(x, degree):
    """Polynomial features (n, degree + 1), as Legendre polynomials: same span, well scaled."""
    return np.polynomial.legendre.legvander(2 * x - 1, degree)


fine = np.linspace(0, 1, 200)
cosine_rng = np.random.default_rng(36)
x30 = cosine_rng.uniform(0, 1, 30)
y30 = cosine(x30) + 0.2 * cosine_rng.normal(size=30)


# %%
def poly_fit(x, y, degree):
    return np.linalg.lstsq(powers(x, degree), y, rcond=None)[0]


# %% tags=["picture"]
scan = np.arange(16)
fits = [poly_fit(x30, y30, k) for k in scan]
train = [np.mean((powers(x30, k) @ c - y30) ** 2) for k, c in zip(scan, fits)]
new = [
    np.mean((powers(fine, k) @ c - cosine(fine)) ** 2) + 0.04
    for k, c in zip(scan, fits)
]


def degrees(degree):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    left.plot(fine, cosine(fine), ":", color=plot.GREY)
    left.plot(x30, y30, "k.", ms=4)
    left.plot(fine, powers(fine, degree) @ fits[degree], color=plot.RED)
    left.set(ylim=(-1.8, 1.8), xlabel="$x$", title=f"degree {degree}")
    right.semilogy(scan, train, color=plot.BLUE, label="training error")
    right.semilogy(scan, new, color=plot.ORANGE, label="error on new points")
    right.axhline(0.04, color=plot.GREY, ls=":", label="noise")
    right.semilogy([degree] * 2, [train[degree], new[degree]], "o", color=plot.RED)
    right.set(xlabel="degree", ylim=(0.008, 200))
    right.legend(loc="upper left")
    return fig


explore(
    degrees,
    alt="Left thirty noisy points of a cosine and a polynomial fit, right training error falling and the error on new points first falling, then rising with the degree",
    degree=[1, 2, 4, 6, 9, 12, 15],
)

# %% [markdown]
r"""
(underfitting)=
(overfitting)=
Degree 1 *underfits*: it cannot represent the relation, and both errors are large. Degree 15 *overfits*: it follows the noise, the training error falls below the noise, and the error on new points explodes. What lies between has a law.

**By hand first.** Four answers with noise variance $\sigma^2$ around a constant; we predict their mean, one parameter. A new answer misses the mean by its own noise and the mean's, $\sigma^2+\frac{\sigma^2}4$. But the four old answers are *closer* to their mean, on average $\sigma^2-\frac{\sigma^2}4$: it was fitted to them. One parameter, and the two errors part by $2\sigma^2/n$.

**The general law.** Let $y=f+\varepsilon$ at $n$ fixed inputs and $\hat y=Py$ with the projection $P=X(X^\top X)^{-1}X^\top$ on the span of $p$ features. Since $P^\top P=P$, $\|P\varepsilon\|^2=\sum_{ij}P_{ij}\varepsilon_i\varepsilon_j$, and in the mean only $i=j$ is left, $\sigma^2\operatorname{tr}P$. This trace counts the parameters: $\operatorname{tr}P=\operatorname{tr}\bigl((X^\top X)^{-1}X^\top X\bigr)=p$. Split $\hat y=Pf+P\varepsilon$. On average $\|P\varepsilon\|^2=\sigma^2p$, likewise $\|(I-P)\varepsilon\|^2=\sigma^2(n-p)$, mixed terms vanish because the noise has mean zero, and so, with fresh answers $y'=f+\varepsilon'$ at the same inputs,

$$
\begin{aligned}
\tfrac1n\mathbb E\|y'-\hat y\|^2&=\underbrace{\sigma^2}_{\text{noise}}+\underbrace{\tfrac1n\|(I-P)f\|^2}_{\text{bias}^2}+\underbrace{\tfrac{\sigma^2p}n}_{\text{variance}},\\
\tfrac1n\mathbb E\|y-\hat y\|^2&=\sigma^2+\tfrac1n\|(I-P)f\|^2-\tfrac{\sigma^2p}n .
\end{aligned}
$$ (eq-reg-bv)

*Bias* is what the features cannot represent; *variance* is what the fit takes from the noise. Every parameter costs $\sigma^2/n$ on new answers *at the old inputs*, whatever it is for, and *gains* $\sigma^2/n$ on the old ones, so the training error flatters by $2\sigma^2p/n$. At new inputs it costs more: with $\phi(x)$ the features there, the prediction $\phi(x)^\top(X^\top X)^{-1}X^\top y$ is linear in the noise and has the variance $\sigma^2\phi(x)^\top(X^\top X)^{-1}\phi(x)$. Its mean over the old inputs is $\sigma^2p/n$, but in a gap or beyond the last point it has no bound. At degree 15 the law says 0.06. In the picture above the error is 0.3 between the first and the last point, and nearly 80 with the ends of $[0,1]$, where there are none. Against 4,000 draws of the noise (in pairs $\pm\varepsilon$, and with the part that no fit can touch, the fresh noise and the old noise itself, put in by its mean):
"""


# %%
def price(f, X, sigma):
    n, p = X.shape
    P = X @ np.linalg.pinv(X)
    bias = np.mean((f - P @ f) ** 2)
    return bias, sigma**2 * p / n


# %% tags=["set-up"]
x_even = (np.arange(30) + 0.5) / 30
noise_rng = np.random.default_rng(17)
half_noise = 0.2 * noise_rng.normal(size=(2000, 30))
old_noise = np.r_[half_noise, -half_noise]  # mixed terms cancel in every pair
old = cosine(x_even) + old_noise
law, seen_old, seen_new = [], [], []
print("degree    bias²  variance    new: law  measured    training: law  measured")
for k in range(10):
    fitted = old @ np.linalg.pinv(powers(x_even, k)).T @ powers(x_even, k).T
    bias, variance = price(cosine(x_even), powers(x_even, k), 0.2)
    law.append((bias, variance))
    seen_new.append(0.04 + ((cosine(x_even) - fitted) ** 2).mean(1))
    seen_old.append(0.04 + ((old - fitted) ** 2 - old_noise**2).mean(1))
    print(
        f"{k:6}{bias:9.5f}{variance:10.5f}{0.04 + bias + variance:12.4f}"
        f"{seen_new[-1].mean():10.4f}{0.04 + bias - variance:17.4f}"
        f"{seen_old[-1].mean():10.4f}"
    )
law, seen_new, seen_old = np.array(law), np.array(seen_new), np.array(seen_old)

# %% [markdown]
r"""
The best degree is 4, and it is *not* where bias and variance are equal (they cross between 2 and 3). It is where one more parameter stops earning its price: from 3 to 4 the bias falls by more than $\sigma^2/n=0.0013$, from 4 to 5 by less.
"""

# %% tags=["checks"]
four_se = 4 * math.sqrt(2 * 10 / 2000)  # of χ² with ten degrees, 2,000 pairs
verify(
    "new answers, degrees 0 to 9: the error is noise, bias² and variance of the law",
    seen_new.mean(1),
    0.04 + law.sum(1),
    atol=four_se * 0.04 / 30,
)
verify(
    "what the training error flatters by, degrees 0 to 9, in units of 2σ²/n, is p",
    (seen_new - seen_old).mean(1) / (2 * 0.04 / 30),
    np.arange(1.0, 11),
    atol=four_se,
)
miss15 = (powers(fine, 15) @ poly_fit(x30, y30, 15) - cosine(fine)) ** 2
verify_at_least(
    "degree 15 on x30: error on [0, 1] over that between the first and last point",
    miss15.mean() / miss15[(fine > x30.min()) & (fine < x30.max())].mean(),
    100,
)
gain = -np.diff(law[:, 0])
verify(
    "the best degree is the last one whose parameter gains more than σ²/n",
    int(seen_new.mean(1).argmin()),
    int(np.flatnonzero(gain > 0.04 / 30).max() + 1),
)
verify(
    "degree 3: our features, against np.polyfit's powers",
    powers(fine, 3) @ poly_fit(x30, y30, 3),
    np.polyval(np.polyfit(x30, y30, 3), fine),
    atol=1e-10,
)

# %% [markdown]
r"""
(degree-is-a-hyperparameter)=
**Who chooses the degree?** Not the training error: it falls with every degree. What is set from outside the fit is a *hyperparameter*. *Cross-validation* chooses it with data that the fit has not seen: fit on four fifths, measure on the fifth, rotate.
"""


# %%
def cross_validation(x, y, degree, folds=5):  # setting
    errors = np.zeros(len(x))
    for k in range(folds):
        out = np.arange(len(x)) % folds == k
        c = poly_fit(x[~out], y[~out], degree)
        errors[out] = (powers(x[out], degree) @ c - y[out]) ** 2
    return errors.mean()


# %% tags=["set-up"]
choices, chosen_errors, all_errors = [], [], []
fine_powers = [powers(fine, k) for k in range(11)]
for seed in range(200):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, 30)
    y = cosine(x) + 0.2 * rng.normal(size=30)
    choices.append(int(np.argmin([cross_validation(x, y, k) for k in range(11)])))
    all_errors.append(
        [
            np.mean((fine_powers[k] @ poly_fit(x, y, k) - cosine(fine)) ** 2)
            for k in range(11)
        ]
    )
    chosen_errors.append(all_errors[-1][choices[-1]])
median_errors = np.median(all_errors, 0)
print("200 data sets, degree" + "".join(f"{k:6}" for k in range(11)))
print("how often chosen     " + "".join(f"{choices.count(k):6}" for k in range(11)))
print("median error - noise " + "".join(f"{e:6.3f}" for e in median_errors))
best_fixed = np.array(all_errors)[:, median_errors.argmin()]
bad = np.array([chosen_errors, best_fixed]) > 5 * median_errors.min()  # (2, 200)
print(
    f"with the chosen degree: median {np.median(chosen_errors):.4f}\n"
    f"more than five times the best median: {100 * bad[0].mean():.0f} % (always degree "
    f"{median_errors.argmin()}: {100 * bad[1].mean():.0f} %)"
)

# %% [markdown]
r"""
It lands within two degrees of the best nearly always. It is not free: the median error is nearly half as large again as that of the best degree, known in advance, and about one data set in ten gets a curve more than five times as bad, which swings where no point was held out. [Reading two errors](#train-validation-diagnosis), and why the final report needs [a third set](#train-dev-test-split), are on the shelf.
"""

# %% tags=["checks"]
P30 = powers(x30, 4) @ np.linalg.pinv(powers(x30, 4))
verify(
    "as many folds as points: the mean of ((y − ŷ)/(1 − Pᵢᵢ))², from one fit",
    cross_validation(x30, y30, 4, folds=30),
    np.mean(((y30 - P30 @ y30) / (1 - np.diag(P30))) ** 2),
    rtol=1e-8,
)
verify_at_least(
    "cross-validation: share of choices within two degrees of the best",
    np.mean(abs(np.array(choices) - median_errors.argmin()) <= 2),
    0.75,
)
price_of_choice = np.median(chosen_errors) / median_errors.min()
verify_at_most(
    "the chosen degree's median error, over that of the best fixed degree",
    price_of_choice,
    1.6,
)
verify_at_least("and at least", price_of_choice, 1.3)
extra = bad[0] * 1.0 - bad[1]
verify_at_least(
    "five times as bad: chosen minus best fixed degree, paired, in standard errors",
    extra.mean() / (extra.std(ddof=1) / 200**0.5),
    3,
)
verify_at_least(
    "degree 10's median error over the chosen degree's",
    median_errors[10] / np.median(chosen_errors),
    2,
)

# %% [markdown]
r"""
**Try it.** How many points does degree 4 with $\sigma=0.2$ need for an average variance of $0.01$ at the training inputs?
"""

# %% tags=["yours"]
how_many_points = ...  # a whole number

exercise("how-many-points").check(how_many_points)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$0.04\cdot5/n=0.01$.

```python
how_many_points = 20
```

</details>
"""

# %% [markdown]
r"""
(ridge-regression)=
## A penalty is a likelihood too

Must one drop parameters to lower their price, or can one keep them small? Say before seeing the data what you believe of the weights, $\theta_j\sim\mathcal N(0,\tau^2)$, and take minus the logarithm of everything, answers and weights:

$$
\frac{\|y-X\theta\|^2}{2\sigma^2}+\frac{\|\theta\|^2}{2\tau^2}+\text{const}\quad\propto\quad\tfrac12\|y-X\theta\|^2+\tfrac\lambda2\|\theta\|^2,\qquad\lambda=\frac{\sigma^2}{\tau^2}.
$$ (eq-reg-ridge)

This is *ridge regression* (L2 penalty, Tikhonov). Its gradient is $X^\top(X\theta-y)+\lambda\theta$ (a plain gradient step shrinks $\theta$ by the factor $1-\eta\lambda$, hence *weight decay*), zero at

$$
\hat\theta_\lambda=(X^\top X+\lambda I)^{-1}X^\top y ,
$$ (eq-reg-ridge-solution)

and the matrix is invertible for *every* $X$ since $v^\top(X^\top X+\lambda I)v=\|Xv\|^2+\lambda\|v\|^2>0$. What does it do? Insert the [singular value decomposition](#singular-value-decomposition) $X=U\Sigma V^\top$:

$$
\hat\theta_\lambda=V(\Sigma^2+\lambda I)^{-1}\Sigma U^\top y=\sum_i\underbrace{\frac{s_i^2}{s_i^2+\lambda}}_{\text{shrink factor}}\;\frac{u_i^\top y}{s_i}\,v_i .
$$ (eq-reg-shrink)

Least squares times a factor per singular direction. By hand: singular values $3$ and $1$, $\lambda=1$, factors $\frac9{10}$ and $\frac12$. (The intercept is usually left unpenalised.) Give the degree 15 that failed a second chance:
"""


# %%
def ridge(X, y, lam):
    return np.linalg.solve(X.T @ X + lam * np.eye(X.shape[1]), X.T @ y)


# %% tags=["picture"]
exponents = np.arange(-10, 4)
thetas = [ridge(powers(x30, 15), y30, 10.0**e) for e in exponents]
test = [np.mean((powers(fine, 15) @ t - cosine(fine)) ** 2) for t in thetas]


def ridge_picture(log_lambda):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    here = log_lambda + 10
    left.plot(fine, cosine(fine), ":", color=plot.GREY)
    left.plot(x30, y30, "k.", ms=4)
    left.plot(fine, powers(fine, 15) @ thetas[here], color=plot.RED)
    left.set(
        ylim=(-1.8, 1.8),
        xlabel="$x$",
        title=f"‖θ‖ = {np.linalg.norm(thetas[here]):.3g}",
    )
    right.loglog(10.0**exponents, test, color=plot.ORANGE)
    right.plot(10.0**log_lambda, test[here], "o", color=plot.RED)
    right.set(xlabel=r"$\lambda$", title="error on new points, less noise")
    return fig


explore(
    ridge_picture,
    alt="Left a degree 15 ridge fit to thirty noisy points of a cosine, wiggly for tiny λ and flat for large λ; right its error on new points against λ with a minimum in between",
    log_lambda=[-10, -7, -4, -3, -2, 0, 3],
)

# %% [markdown]
r"""
**Measured against the best possible.** If the belief is true, how good is $\lambda=\sigma^2/\tau^2$? In a singular direction the estimate is $\frac{s^2}{s^2+\lambda}\theta+\frac s{s^2+\lambda}\varepsilon$, so its expected squared error is

$$
r(\lambda)=\sum_i\frac{\lambda^2\tau^2+s_i^2\sigma^2}{(s_i^2+\lambda)^2},\qquad r'(\lambda)=\sum_i\frac{2s_i^2(\lambda\tau^2-\sigma^2)}{(s_i^2+\lambda)^3},
$$ (eq-reg-ridge-risk)

since $2\lambda\tau^2(s_i^2+\lambda)-2(\lambda^2\tau^2+s_i^2\sigma^2)=2s_i^2(\lambda\tau^2-\sigma^2)$. So *every* term falls until $\lambda=\sigma^2/\tau^2$ and rises after it. No other $\lambda$ is as good, and as the mean of the posterior, this estimate is beaten on average by no estimate at all.
"""


# %%
def ridge_risk(X, sigma, tau, lam):
    s2 = np.linalg.svd(X, compute_uv=False) ** 2
    return ((lam**2 * tau**2 + s2 * sigma**2) / (s2 + lam) ** 2).sum()


# %% tags=["set-up"]
belief_rng = np.random.default_rng(5)
X_belief = belief_rng.normal(size=(40, 20))
true_thetas = 0.5 * belief_rng.normal(size=(20, 3000))  # τ = ½
noisy = X_belief @ true_thetas + 1.5 * belief_rng.normal(size=(40, 3000))  # σ = 3/2
multiples = [0.0, 0.25, 1.0, 4.0, 16.0]
belief_seen = np.array(
    [((ridge(X_belief, noisy, 9 * c) - true_thetas) ** 2).sum(0) for c in multiples]
)
belief_law = np.array([ridge_risk(X_belief, 1.5, 0.5, 9 * c) for c in multiples])
print("λ, in units of σ²/τ²   " + "".join(f"{c:>9g}" for c in multiples))
print("mean squared error     " + "".join(f"{v:>9.2f}" for v in belief_seen.mean(1)))
print("by the formula         " + "".join(f"{v:>9.2f}" for v in belief_law))
print(f"predicting zero weights{20 * 0.25:9.2f}")

# %% [markdown]
r"""
At the right $\lambda$ ridge has little more than half the error of least squares ($\lambda=0$). A factor of four to either side costs between a quarter and a half more: worth a search, but a coarse one.
"""

# %% tags=["checks"]
verify(
    "mean squared error at five λ, against the formula",
    belief_seen.mean(1),
    belief_law,
    atol=4 * (belief_seen.std(1) / 3000**0.5).max(),
)
found = optimize.minimize_scalar(
    lambda u: ridge_risk(X_belief, 1.5, 0.5, np.exp(u)),
    bounds=(-5, 8),
    method="bounded",
)
verify("the best λ, by a search, is σ²/τ²", np.exp(found.x), 1.5**2 / 0.5**2, rtol=1e-3)
sick = data.diabetes()
verify(
    "diabetes: ridge with λ = 20, against scikit-learn",
    ridge(sick.X_train, sick.y_train, 20.0),
    linear_model.Ridge(alpha=20.0, fit_intercept=False)
    .fit(sick.X_train, sick.y_train)
    .coef_,
    atol=1e-9,
)
U, s, Vt = np.linalg.svd(sick.X_train, full_matrices=False)
verify(
    "diabetes: along each singular direction ridge is least squares times s²/(s² + λ)",
    Vt @ ridge(sick.X_train, sick.y_train, 20.0),
    s**2
    / (s**2 + 20)
    * (Vt @ np.linalg.lstsq(sick.X_train, sick.y_train, rcond=None)[0]),
    atol=1e-9,
)

# %% [markdown]
r"""
(lasso)=
**Another belief: few weights matter.** A Laplace prior, peaked at zero with long tails, gives the *lasso* {cite:p}`tibshirani1996`

$$
\tfrac12\|y-X\theta\|^2+\lambda\|\theta\|_1,\qquad\|\theta\|_1=\sum_j|\theta_j| .
$$ (eq-reg-lasso)

Ridge pulls on a weight with $\lambda\theta_j$, which fades on the way to zero. The lasso pulls with the *same* $\lambda$ however small the weight, and at zero its kink withstands any force of the data up to $\lambda$. So a weight rests at exactly zero as long as, with $g$ the gradient of the first term,

$$
|g_j|\le\lambda .
$$ (eq-reg-rest)

(soft-thresholding)=
In one dimension the kink can be handled exactly. Minimise $\frac12(w-w_0)^2+\mu|w|$: for $w>0$ the slope $w-w_0+\mu$ vanishes at $w_0-\mu$, if that is positive; for $w<0$ at $w_0+\mu$, if that is negative; else the minimum is at $0$. Together the *soft threshold*

$$
S_\mu(w_0)=\operatorname{sign}(w_0)\max(|w_0|-\mu,0):
$$ (eq-reg-soft)

$S_1(3)=2$, $S_1(0.5)=0$. As a function of $\theta_j$ alone the lasso is such a parabola, of curvature $h_j=\|x_j\|^2$ with its bottom at $\theta_j+x_j^\top r/h_j$ ($r$ the residual), so the threshold is $\lambda/h_j$; going round the coordinates is *coordinate descent*.
"""


# %%
def soft(w, mu):
    return np.sign(w) * np.maximum(abs(w) - mu, 0)


def lasso(X, y, lam, sweeps=200):  # setting
    theta, r, h = np.zeros(X.shape[1]), y.copy(), (X**2).sum(0)
    for _ in range(sweeps):  # setting
        for j in range(len(theta)):
            target = soft(theta[j] + X[:, j] @ r / h[j], lam / h[j])
            r += X[:, j] * (theta[j] - target)
            theta[j] = target
    return theta


# %% tags=["set-up"]
sparse_rng = np.random.default_rng(21)
X_sparse = sparse_rng.normal(size=(100, 50))
theta_sparse = np.zeros(50)
theta_sparse[[3, 11, 19, 30, 42]] = [2.0, -1.5, 1.0, -1.0, 1.5]
y_sparse = X_sparse @ theta_sparse + 0.5 * sparse_rng.normal(size=100)

# %% tags=["picture"] mystnb={"image": {"alt": "Coefficients against λ, which falls to the right. Lasso: all zero at first, then the five true ones leave zero one by one, later a bundle of small ones. Ridge: all fifty grow together from the start and none is ever zero."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1), sharey=True)
for ax, method, lams in (
    (axes[0], "lasso", np.geomspace(220, 0.3, 50)),
    (axes[1], "ridge", np.geomspace(10_000, 0.3, 50)),
):
    if method == "lasso":
        path = linear_model.lasso_path(X_sparse, y_sparse, alphas=lams / 100)[1].T
    else:
        path = np.array([ridge(X_sparse, y_sparse, lam) for lam in lams])
    for j in np.argsort(theta_sparse != 0):
        thick, colour = (1.8, plot.BLUE) if theta_sparse[j] else (0.6, plot.GREY)
        ax.semilogx(lams, path[:, j], lw=thick, color=colour)
    ax.invert_xaxis()
    ax.set(title=method, xlabel=r"$\lambda$")
axes[0].set_ylabel("fifty weights")
plt.show()

# %% [markdown]
r"""
Fifty features of which five matter (blue). The lasso lets them in one by one; ridge lets everything in at once. Is the lasso therefore better? Three worlds of the same strength: five of fifty weights matter; all do, with Gaussian weights; all do, with weights from the lasso's own prior, Laplace. Ridge and lasso choose their $\lambda$ among the same 25: fit on half of 200 points, predict the other half, then fit with the best on all. Least squares gets all 200 too. A hundred data sets.
"""

# %% tags=["set-up"]
lam_grid = np.geomspace(1000, 0.1, 25)


WORLDS = ("five weights matter", "all, Gaussian", "all, Laplace")


def tuned(seed, world):
    """Excess error on new data of: zero, least squares, ridge, lasso."""
    rng = np.random.default_rng(seed)
    theta = np.zeros(50)
    theta[:5] = rng.normal(size=5)
    strength = np.linalg.norm(theta) / math.sqrt(50)
    if world == "all, Gaussian":
        theta = strength * rng.normal(size=50)
    if world == "all, Laplace":  # of variance 2
        theta = strength * rng.laplace(size=50) / math.sqrt(2)
    X = rng.normal(size=(200, 50))
    y = X @ theta + rng.normal(size=200)

    def by_ridge(rows, lams):  # ridge in the singular directions, all penalties at once
        U, s, Vt = np.linalg.svd(X[rows], full_matrices=False)
        return (s / (s**2 + lams[:, None]) * (U.T @ y[rows])) @ Vt

    def by_lasso(rows, lams):  # lams from large to small
        alphas = lams / len(y[rows])
        return linear_model.lasso_path(X[rows], y[rows], alphas=alphas)[1].T

    half, other, both = slice(0, 100), slice(100, 200), slice(None)
    fits = [np.zeros(50), least_squares(X, y)]
    for family in (by_ridge, by_lasso):
        missed = ((y[other] - family(half, lam_grid) @ X[other].T) ** 2).sum(1)
        fits.append(family(both, lam_grid[[missed.argmin()]])[0])
    return [((t - theta) ** 2).sum() for t in fits]


contest = {w: np.array([tuned(s, w) for s in range(100)]) for w in WORLDS}
print("excess error, means   zero  least squares  ridge  lasso   ridge − lasso, paired")
for world, values in contest.items():
    zero, squares_only, by_ridge, by_lasso = values.mean(0)
    lead = values[:, 2] - values[:, 3]
    print(
        f"{world:20}{zero:6.2f}{squares_only:15.2f}{by_ridge:7.2f}{by_lasso:7.2f}"
        f"{lead.mean():14.3f} ± {lead.std(ddof=1) / 10:.3f}"
    )

# %% [markdown]
r"""
Where few weights matter the lasso wins clearly, with Gaussian weights ridge, by less. But the lasso's world has true zeros, unlike its prior: on weights *drawn* from a Laplace distribution the two are within a few per cent. The lasso is the peak of its posterior, and a peak, unlike ridge's, need not be its mean. And ridge beats least squares in every world, but by a tenth: with four points for every weight there is little left to cure.
"""

# %% tags=["checks"]
ours = lasso(X_sparse, y_sparse, 10.0)
theirs = linear_model.Lasso(alpha=0.1, fit_intercept=False, tol=1e-12, max_iter=100_000)
verify(
    "the lasso by coordinate descent, against scikit-learn",
    ours,
    theirs.fit(X_sparse, y_sparse).coef_,
    atol=1e-7,
)
pull = X_sparse.T @ (y_sparse - X_sparse @ ours)
verify_at_most(
    "the data's pull on every weight at zero: at most λ", abs(pull[ours == 0]), 10.0
)
verify(
    "their pull on every other weight: λ, away from zero",
    pull[ours != 0],
    10.0 * np.sign(ours[ours != 0]),
    rtol=1e-6,
)
edge = abs(X_sparse.T @ y_sparse).max()
verify(
    "weights that are not zero just above and just below λ = max |X⊤y|",
    [int(np.count_nonzero(lasso(X_sparse, y_sparse, c * edge))) for c in (1.001, 0.99)],
    [0, 1],
)
leads = [contest[world][:, 2] - contest[world][:, 3] for world in WORLDS]
leads = [lead.mean() / (lead.std(ddof=1) / 10) for lead in leads]
verify_at_least(
    "in standard errors: the lasso leads where few weights matter, ridge where they are Gaussian",
    [leads[0], -leads[1]],
    3,
)
by_ridge, by_lasso = contest["all, Laplace"].mean(0)[2:]
verify_at_most(
    "Laplace weights: lead of either, as a share", abs(1 - by_lasso / by_ridge), 0.05
)
gains = np.array([v[:, 1] - v[:, 2] for v in contest.values()])  # (3, 100)
verify_at_least(
    "least squares minus ridge, three worlds, paired, in standard errors",
    gains.mean(1) / (gains.std(1, ddof=1) / 10),
    3,
)
verify_at_least(
    "ridge's excess over that of least squares, three worlds",
    [values[:, 2].mean() / values[:, 1].mean() for values in contest.values()],
    0.85,
)
verify(
    "least squares on 200 points: the mean of the inverse Wishart matrix",
    [values[:, 1].mean() for values in contest.values()],
    np.full(3, 50 / (200 - 50 - 1)),
    rtol=4 * math.sqrt(2 / 50 / 100),
)

# %% [markdown]
r"""
**Try it.** $X=\operatorname{diag}(3,1)$, $y=(3,1)^\top$, so that least squares gives $(1,1)$. Which $\lambda$ makes ridge halve the first weight? And what does it do to the second?
"""

# %% tags=["yours"]
half = ...  # a value of λ

exercise("half").check(half)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac{9}{9+\lambda}=\frac12$ for $\lambda=9$. The second becomes $\frac1{10}$: the quieter direction suffers more.

```python
half = 9.0
```

</details>
"""

# %% [markdown]
r"""
(pull-the-points)=
## Pull the points

On the left, numbers: drag a point, or the outlier (pink), under least squares, ridge, lasso and the median line. On the right, the opening: drag a point along its class, or to the other, and follow the line's cut and the logistic one. $\lambda$ penalises the slopes of ridge, lasso and the logistic curve. With the keyboard: Tab to a point, arrows to move it.

Four things to find. How far can the outlier go up before the median line follows? At which $\lambda$ does the lasso's slope become exactly zero, and ridge's? On the right, push the pink point outwards: which cut moves? Then pull it into the wrong class: whom does it hurt more?

<details><summary>What one finds</summary>

The median line knows only on which side a point lies. It stays until the outlier meets it, at $1.97$, then clings to it up to $3.02$, and lets go. The lasso's slope is zero from $\lambda=\lvert\sum_i(x_i-\bar x)(y_i-\bar y)\rvert=8.6$ on; ridge's at no $\lambda$. Pushed from $2.9$ to $12$, the pink point moves the line's cut from $0.17$ to $0.93$, the logistic one from $0.16$ to $0.27$, where it stays. In the wrong class, at $11$, it spares neither: both cuts lie beyond all points of class 1, the logistic one further out. A pull that is bounded in the score still has a long lever in $x$.

</details>
"""


# %% tags=["set-up"]
def all_fits(state):
    """Slope and intercept of six fits; intercepts are not penalised."""
    (x, y), (u, c) = np.array(state["numbers"]).T, np.array(state["classes"]).T
    lam, centred = state["lambda"], (x - x.mean())[:, None]
    slopes = [fit(centred, y - y.mean(), lam)[0] for fit in (ridge, lasso)]
    coin = newton(
        [0, 0], np.c_[u, np.ones(len(u))], c, 60, penalty=np.array([lam, 0.0])
    )[-1]
    return [
        list(fit_line(x, y)),
        *[[a, y.mean() - a * x.mean()] for a in slopes],
        list(median_line(x, y)),
        list(fit_line(u, 2 * c - 1)),
        coin.tolist(),
    ]


def random_points(rng):
    x = rng.uniform(-4, 4, 9)
    u = rng.uniform(-4, 12, 12)
    return {
        "numbers": np.c_[x, rng.uniform(-4, 4, 9)].round(3).tolist(),
        "classes": np.c_[u, np.arange(12) % 2].round(3).tolist(),
        "lambda": round(10 ** rng.uniform(-1, 1.5), 4),
    }


# %% tags=["picture"]
opening_points = {
    "numbers": [
        [-3.2, -2.4], [-2.4, -1.3], [-1.7, -1.5], [-0.8, -0.2], [0.1, 0.3],
        [0.9, 0.5], [1.6, 1.6], [2.3, 1.4], [3.3, -3.4],
    ],
    "classes": [
        [-2.6, 0], [-1.9, 0], [-1.4, 0], [-1.0, 0], [-0.6, 0], [-0.2, 0],
        [0.4, 1], [0.9, 1], [1.3, 1], [1.8, 1], [2.4, 1], [11.0, 1],
    ],
    "lambda": 6.0,
}  # fmt: skip


def still_fits(state):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
    fits, colours = all_fits(state), (plot.BLUE, plot.GREEN, plot.ORANGE, plot.RED)
    left.plot(*np.array(state["numbers"]).T, "k.", ms=9)
    names = ("least squares", "ridge", "lasso", "median line")
    for (a, b), name, colour in zip(fits, names, colours):
        left.plot([-4, 4], [b - 4 * a, b + 4 * a], color=colour, label=name)
    left.legend(fontsize=8)
    left.set(xlabel="$x$", ylabel="$y$", title="numbers")
    t = np.linspace(-4, 12, 200)
    right.plot(*np.array(state["classes"]).T, "k.", ms=9)
    right.plot(t, (1 + fits[4][0] * t + fits[4][1]) / 2, color=plot.BLUE, label="line")
    curve = special.expit(fits[5][0] * t + fits[5][1])
    right.plot(t, curve, color=plot.RED, label="logistic")
    right.axhline(0.5, color=plot.GREY, lw=1, ls=":")
    right.set(ylim=(-0.4, 1.4), xlabel="$x$", title="classes 0 and 1, cut at ½")
    right.legend(fontsize=8)
    return fig


points_rng = np.random.default_rng(12)
live(
    "fits",
    opening_points,
    still=still_fits(opening_points),
    states=[random_points(points_rng) for _ in range(20)],
    truth=all_fits,
    alt="Left nine points with four fitted lines, right twelve points of two classes with a straight line, a logistic curve and their cuts; every point can be dragged and the fits follow",
)

# %% tags=["checks"]
moved = [[*p] for p in opening_points["numbers"]]
moved[8][1] = -4.0  # the outlier, further out
fits_before = all_fits(opening_points)
fits_after = all_fits(opening_points | {"numbers": moved})
verify(
    "the outlier moves further out: the median line stays",
    fits_after[3],
    fits_before[3],
    atol=1e-12,
)
x_live, y_live = np.array(opening_points["numbers"]).T
verify(
    "by how much least squares turns: the outlier's share of the covariance",
    fits_after[0][0] - fits_before[0][0],
    -0.6 * (x_live[8] - x_live.mean()) / (9 * x_live.var()),
    rtol=1e-9,
)


def median_at_outlier(height):  # the median line at x = 3.3
    y_lifted = np.r_[y_live[:-1], height]
    return median_line(x_live, y_lifted) @ np.array([3.3, 1.0])


meets, lets_go = median_at_outlier(-4.0), median_at_outlier(4.0)
by_library = linear_model.QuantileRegressor(quantile=0.5, alpha=0.0)
verify(
    "where the outlier meets the median line, and where it is let go, by scikit-learn",
    [meets, lets_go],
    [
        by_library.fit(x_live[:, None], np.r_[y_live[:-1], h]).predict([[3.3]])[0]
        for h in (-4.0, 4.0)
    ],
    atol=1e-6,
)
lifted_to = np.array([meets - 0.01, meets + 0.01, lets_go - 0.01, lets_go + 0.01])
verify(
    "just below, between and above: where the line then runs",
    [median_at_outlier(h) for h in lifted_to],
    [meets, *lifted_to[1:3], lets_go],
    atol=1e-9,
)
pull_live = abs((x_live - x_live.mean()) @ (y_live - y_live.mean()))
slopes_live = [
    all_fits(opening_points | {"lambda": c * pull_live}) for c in (0.99, 1.01)
]
verify(
    "λ at which the lasso's slope vanishes; ridge's slope is then",
    [slopes_live[0][2][0] > 0, slopes_live[1][2][0], slopes_live[1][1][0]],
    [1, 0, pull_live / (9 * x_live.var() + 1.01 * pull_live)],
    atol=1e-9,
)
other_classes = opening_points["classes"][:-1]
cut_at = lambda at: [
    -b / a for a, b in all_fits(opening_points | {"classes": [*other_classes, at]})[4:]
]
u_far, c_far = np.array([*other_classes, [12.0, 1]]).T
a_far, b_far = np.polyfit(u_far, c_far - 0.5, 1)
gentle = linear_model.LogisticRegression(C=1 / 6, tol=1e-10).fit(u_far[:, None], c_far)
verify(
    "pink at 12: the two cuts, by numpy and scikit-learn",
    cut_at([12.0, 1]),
    [-b_far / a_far, -gentle.intercept_[0] / gentle.coef_[0, 0]],
    atol=1e-3,
)
verify_at_most(
    "the logistic cut between 8 and 12, as a share of the line's",
    np.ptp([cut_at([u, 1])[1] for u in (8.0, 10.0, 12.0)])
    / np.ptp([cut_at([u, 1])[0] for u in (8.0, 10.0, 12.0)]),
    0.1,
)
verify_at_least(
    "pink in the wrong class, at 11: the line's cut beyond the last of class 1, the logistic one beyond the line's",
    np.diff([max(u for u, c in other_classes if c), *cut_at([11.0, 0])]),
    0.5,
)
weak = linear_model.LogisticRegression(C=1 / 6, tol=1e-10)
u_live, c_live = np.array(opening_points["classes"]).T
weak.fit(u_live[:, None], c_live)
verify(
    "the penalised logistic curve, against scikit-learn",
    np.array(fits_before[5]),
    np.r_[weak.coef_[0], weak.intercept_],
    atol=1e-4,
)

# %% [markdown]
r"""
(headline-bayes)=
## The headline: how far from the best?

(zero-one-loss)=
A classifier is judged by its mistakes, $\ell(y^*,y)=1$ if $y\ne y^*$ and $0$ otherwise, the *0/1 loss*. Given $x$, answering $y$ is wrong with probability $1-p(y\mid x)$; so the best rule names the most probable class, and its error

$$
1-\mathbb E_x\max_yp(y\mid x)
$$ (eq-reg-bayes)

is the *Bayes error*: no classifier, however large, has less. Usually nobody knows it. Here we do. Two classes, equally likely, spherical Gaussians in $\mathbb R^p$ with centres at $\pm\frac d2e_1$. The squares in the log-odds cancel,

$$
\log\frac{p(1\mid x)}{p(0\mid x)}=-\tfrac12\bigl\|x-\tfrac d2e_1\bigr\|^2+\tfrac12\bigl\|x+\tfrac d2e_1\bigr\|^2=d\,x_1 ,
$$

and what is left *is* a logistic regression, with $w=d\,e_1$ and no offset. The best rule cuts at $x_1=0$ and errs when a standard Gaussian strays by more than $\frac d2$:

$$
\text{Bayes error}=\Phi\bigl(-\tfrac d2\bigr).
$$ (eq-reg-bayes-gauss)

Drag $d$; red is what no classifier gets right.
"""


# %% tags=["picture"]
def two_clouds(d):
    cloud = np.random.default_rng(36).normal(size=(2, 300, 2))
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    t = np.linspace(-5.5, 5.5, 400)
    for points, sign, colour in zip(cloud, (-1, 1), (plot.ORANGE, plot.BLUE)):
        left.plot(*(points + [sign * d / 2, 0]).T, ".", ms=3, color=colour)
        density = stats.norm.pdf(t - sign * d / 2)
        right.plot(t, density, color=colour)
        right.fill_between(t, density, where=sign * t < 0, color=plot.RED, alpha=0.35)
    left.axvline(0, color="black", lw=1)
    left.set(xlim=(-5.5, 5.5), ylim=(-3.5, 3.5), xlabel="$x_1$", ylabel="$x_2$")
    right.set(xlabel="$x_1$", ylim=(0, 0.42))
    right.set_title(f"Bayes error {100 * stats.norm.cdf(-d / 2):.1f} %")
    return fig


explore(
    two_clouds,
    alt="Left two clouds of points at distance d and the best boundary between them, right their densities with the overlap on the wrong side, whose area is half the Bayes error for each class",
    d=[2.0, 0.5, 1.0, 1.5, 2.5, 3.0, 4.0],
)

# %% [markdown]
r"""
**How fast does one get there?** A fitted boundary is a little turned and a little shifted. A hyperplane with unit normal at the angle $\alpha$ to $e_1$ and offset $t$ errs with probability exactly

$$
\tfrac12\Phi\bigl(-\tfrac d2\cos\alpha-t\bigr)+\tfrac12\Phi\bigl(-\tfrac d2\cos\alpha+t\bigr),
$$ (eq-reg-rule-error)

so no test set is needed. Expand around the best rule, with $\varphi=\Phi'$. Turning: $\cos\alpha\approx1-\frac{\alpha^2}2$ moves the argument by $\frac d2\frac{\alpha^2}2$, which costs $\varphi(\frac d2)\frac d4\alpha^2$. Shifting: the terms linear in $t$ cancel, and $\Phi''(u)=-u\varphi(u)$ at $u=-\frac d2$ leaves $\frac{t^2}2\cdot\frac d2\varphi(\frac d2)$. Both cost the same:

$$
\text{excess}\approx\tfrac d4\,\varphi\bigl(\tfrac d2\bigr)\,(\alpha^2+t^2).
$$ (eq-reg-excess)

If the fitted weights deviate by $\delta$ from $(d,0,\dots,0)$ and the intercept by $\delta_0$, then $\alpha^2\approx\sum_{j\ge2}\delta_j^2/d^2$ and $t^2\approx\delta_0^2/d^2$: $p$ numbers in all. (An error in the length of $w$ costs nothing.) How large are they?

<details><summary>Each square is 1/(nA₀) on average: the derivation</summary>

From the truth the maximum of the likelihood is one [Newton step](#eq-reg-newton) away, $\delta\approx H^{-1}\sum_i(y_i-p_i)x_i$. The labels are coins, so the sum has the covariance $\sum_ip_i(1-p_i)x_ix_i^\top=H$, and $\delta$ has $H^{-1}HH^{-1}=H^{-1}$, with $H\approx nA$ and $A=\mathbb E[\sigma(1-\sigma)xx^\top]$ at the score $dx_1$. In the coordinates $j\ge2$, which are standard Gaussians independent of $x_1$, $A$ is diagonal with the entry

$$
A_0=\mathbb E\bigl[\sigma(dx_1)(1-\sigma(dx_1))\bigr],
$$

and so it is for the intercept, whose mixed entry with $x_1$, $\mathbb E[\sigma(1-\sigma)x_1]$, vanishes by symmetry.

</details>

Every one of the $p$ squares is $\frac1{nA_0}$ on average, with $A_0=\mathbb E[\sigma(dx_1)(1-\sigma(dx_1))]$, and

$$
n\cdot\mathbb E[\text{excess}]\;\longrightarrow\;\frac{p\,\varphi(d/2)}{4\,d\,A_0} .
$$ (eq-reg-excess-limit)

A wall, a distance to it that falls like parameters over data, and a constant one can compute. A rival *knows* that the classes are Gaussian with equal covariance and estimates just that (*linear discriminant analysis*): its deviations have the mean square $\frac{4+d^2}n$ in place of $\frac1{nA_0}$ {cite:p}`efron1975`. We fit both to 500 data sets of two thousand points, for six pairs of $d$ and $p$. (In the column *paired* most of the luck is taken out: from each excess we subtract the quadratic of the derivation on the same data, whose mean is exactly the law's, and add the law.)
"""


# %%
def excess_error(w, d):  # w (sets, p + 1), the intercept last
    length = np.linalg.norm(w[:, :-1], axis=1)
    cos, t = w[:, 0] / length, w[:, -1] / length
    wrong = stats.norm.cdf(-d / 2 * cos - t) + stats.norm.cdf(-d / 2 * cos + t)
    return wrong / 2 - stats.norm.cdf(-d / 2)


def mean_slope(d):  # A₀
    u = np.linspace(-12, 12, 4001)  # setting
    mixture = (stats.norm.pdf(u - d / 2) + stats.norm.pdf(u + d / 2)) / 2
    return (mixture * sigmoid(d * u) * sigmoid(-d * u)).sum() * (u[1] - u[0])


def law_constant(d, p):
    return p * stats.norm.pdf(d / 2) / (4 * d * mean_slope(d))


# %% tags=["set-up"]
def two_gaussians(rng, d, *shape):
    """Inputs with a trailing one (sets, n, p + 1) and labels (sets, n); shape = sets, n, p."""
    y = rng.integers(0, 2, shape[:2]).astype(float)
    X = np.concatenate([rng.normal(size=shape), np.ones((*shape[:2], 1))], -1)
    X[..., 0] += d * (y - 0.5)
    return X, y


def fit_many(X, y, w, steps=3):
    """Logistic regression of a stack of data sets: Newton steps from w."""
    for _ in range(steps):
        p = special.expit((X @ w[..., None])[..., 0])
        H = (X * (p * (1 - p))[..., None]).swapaxes(1, 2) @ X
        w = w - np.linalg.solve(H, ((p - y)[:, None] @ X)[:, 0, :, None])[..., 0]
    return w


def discriminant_many(X, y):
    """Linear discriminant analysis for a stack of data sets."""
    Z, n1 = X[..., :-1], y.sum(1, keepdims=True)
    n0 = y.shape[1] - n1
    m1, m0 = (y[:, None] @ Z)[:, 0] / n1, ((1 - y)[:, None] @ Z)[:, 0] / n0
    rest = Z - np.where(y[..., None] == 1, m1[:, None], m0[:, None])
    S = rest.swapaxes(1, 2) @ rest / y.shape[1]
    w = np.linalg.solve(S, (m1 - m0)[..., None])[..., 0]
    return np.c_[w, np.log(n1 / n0) - ((m1 + m0) / 2 * w).sum(1, keepdims=True)]


def by_quadratic(X, y, d):
    """The excess of every data set by the derivation's quadratic, from the truth."""
    surprise = y - special.expit(d * X[..., 0])
    push = (surprise[:, None] @ X[..., 1:])[:, 0] / (y.shape[1] * mean_slope(d))
    return stats.norm.pdf(d / 2) / (4 * d) * (push**2).sum(1)


cases = [(d, p) for d in (1, 2, 3) for p in (4, 8)]
gauss_rng = np.random.default_rng(38)
n_fit, n_sets = 2000, 500
excess, excess_lda, quadratic = np.zeros((3, len(cases), n_sets))
for row, (d, p) in enumerate(cases):
    for block in range(0, n_sets, 100):
        these = slice(block, block + 100)
        X, y = two_gaussians(gauss_rng, d, 100, n_fit, p)
        rival = discriminant_many(X, y)
        excess_lda[row, these] = excess_error(rival, d)
        excess[row, these] = excess_error(fit_many(X, y, rival), d)
        quadratic[row, these] = by_quadratic(X, y, d)
constants = np.array([law_constant(d, p) for d, p in cases])
constants_lda = np.array(
    [p * stats.norm.pdf(d / 2) * (4 + d**2) / (4 * d) for d, p in cases]
)
paired = constants[:, None] + n_fit * (excess - quadratic)
print(
    " d  p   Bayes   n · excess      paired         law     knows Gaussians     its law"
)
small = {}  # n → relative departure from the law at d = 3, p = 8, and its s.e.
for n_small in (250, 500):
    beyond_law = np.zeros((20, 100))
    for block in range(20):
        X, y = two_gaussians(gauss_rng, 3, 100, n_small, 8)
        fits = fit_many(X, y, discriminant_many(X, y), steps=5)
        beyond_law[block] = excess_error(fits, 3) - by_quadratic(X, y, 3)
    beyond_law *= n_small / law_constant(3, 8)
    small[n_small] = beyond_law.mean(), beyond_law.std() / 2000**0.5
for k, (d, p) in enumerate(cases):
    columns = [
        f"{v.mean():.3f} ± {v.std(ddof=1) / n_sets**0.5:.3f}"
        for v in (n_fit * excess[k], paired[k], n_fit * excess_lda[k])
    ]
    print(
        f"{d:2}{p:3}{100 * stats.norm.cdf(-d / 2):6.1f} %{columns[0]:>15}{columns[1]:>15}"
        f"{constants[k]:8.3f}{columns[2]:>18}{constants_lda[k]:9.3f}"
    )
for n_small, (share, se) in small.items():
    print(
        f"d = 3, p = 8, n = {n_small}: paired, {100 * share:.1f} ± {100 * se:.1f} % above the law"
    )

# %%
headline(
    "n times the excess error of logistic regression, six problems, against the law",
    paired.mean(1),
    constants,
    rtol=0.03,
)

# %% tags=["picture"] mystnb={"image": {"alt": "Left, on logarithmic axes, n times the excess error against the law for six problems and two methods: all twelve points lie on the diagonal. Right, how far logistic regression at d = 3, p = 8 is above the law: about ten per cent at 250 points, five at 500, one and a half at 2,000, along a line that falls like one over n."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
for law, measured_here, marker, colour, name in (
    (constants, excess, "o", plot.BLUE, "logistic regression"),
    (constants_lda, excess_lda, "s", plot.ORANGE, "knows the Gaussians"),
):
    left.errorbar(
        law,
        n_fit * measured_here.mean(1),
        2 * n_fit * measured_here.std(1) / n_sets**0.5,
        fmt=marker,
        color=colour,
        ms=5,
        mfc="white",
        label=name,
    )
left.plot([0.45, 4.5], [0.45, 4.5], color=plot.GREY, lw=1, zorder=0)
left.set(xscale="log", yscale="log", xlabel="law", ylabel="$n$ · excess, measured")
left.set(xticks=[0.5, 1, 2, 4], yticks=[0.5, 1, 2, 4])
left.legend(fontsize=8)
last = paired[-1] / constants[-1] - 1
above = {**small, n_fit: (last.mean(), last.std(ddof=1) / n_sets**0.5)}
sizes_n = np.array(list(above))
shares_n, errors_n = 100 * np.array(list(above.values())).T
right.errorbar(sizes_n, shares_n, 2 * errors_n, fmt="o", color=plot.BLUE, mfc="white")
by_n = (shares_n * sizes_n / (errors_n * sizes_n) ** 2).sum() / (
    1 / (errors_n * sizes_n) ** 2
).sum()
t = np.geomspace(200, 2500, 50)
right.plot(t, by_n / t, color=plot.GREY, lw=1, zorder=0, label=r"$\propto1/n$")
right.set(xscale="log", yscale="log", xlabel="$n$", ylabel="per cent above the law")
right.set(xticks=[250, 500, 2000], yticks=[1, 2, 5, 10], title="$d=3$, $p=8$, paired")
for ax in (left, right):
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
right.legend()
plt.show()

# %% [markdown]
r"""
Right, what lies beyond the first order in $\frac1n$: itself a law in $\frac1n$. For close classes ($d=1$) the logistic regression, which assumes nothing of the shape of the classes, loses next to nothing to the rival that knows it. For well separated ones ($d=3$) it needs half as many data again: a point at the centre of its class tells the rival where that centre is, and counts in $A_0$ with $\sigma(4.5)\,\sigma(-4.5)=0.01$, against $\frac14$ at the boundary. Knowledge that is true is worth data. False knowledge costs: on the opening's crowd the rival cuts at $1.1$ and has a fifth of the points wrong.
"""

# %% tags=["checks"]
shares = [
    excess_lda[[2 * k, 2 * k + 1]].mean(1).sum()
    / excess[[2 * k, 2 * k + 1]].mean(1).sum()
    for k in range(3)
]
verify(
    "data that the rival needs, per point of logistic regression, for d = 1, 2, 3",
    shares,
    [0.995, 0.899, 0.641],
    rtol=0.03,
    source="efron1975",
)
verify(
    "the rival's n · excess against its own law",
    n_fit * excess_lda.mean(1),
    constants_lda,
    rtol=4 * math.sqrt(2 / 4 / n_sets),
)
verify(
    "the derivation's quadratic has the mean of the law",
    n_fit * quadratic.mean(1),
    constants,
    rtol=4 * math.sqrt(2 / 4 / n_sets),
)
departures = np.array([[n * share, n * se] for n, (share, se) in small.items()])
verify_at_most(
    "beyond the law: n times the departure, 250 against 500, in standard errors",
    abs(np.diff(departures[:, 0])[0]) / np.linalg.norm(departures[:, 1]),
    3,
)
verify_at_least(
    "the departure itself, in standard errors", departures[:, 0] / departures[:, 1], 4
)
misled = discriminant_many(np.c_[crowd, np.ones(300)][None], crowd_y[None] * 0.5 + 0.5)
pooled = 2 / 3 * (19 / 2) ** 2 + 0.3**2  # class 1: groups at 1 and 20; class 0: at −1
cut_misled = (10.5 - 1) / 2 - math.log(2) * pooled / (10.5 + 1)
verify(
    "the rival on the opening's crowd: its cut, from the moments",
    -misled[0, 1] / misled[0, 0],
    cut_misled,
    atol=0.05,
)
behind = stats.norm.cdf((cut_misled - 1) / 0.3) / 3
verify(
    "and the share that it has wrong",
    np.mean((np.c_[crowd, np.ones(300)] @ misled[0] > 0) != (crowd_y > 0)),
    behind,
    atol=3 * math.sqrt(behind * (1 - 3 * behind) / 300),
)
some = np.random.default_rng(40).normal(size=(3, 5)) + [2, 0, 0, 0, 0]
X_many, y_many = two_gaussians(np.random.default_rng(41), 2, 1, 400_000, 4)
wrong = (X_many[0] @ some.T > 0) != y_many[0][:, None]
verify(
    "the formula for the error of a hyperplane, against 400,000 points",
    excess_error(some, 2) + stats.norm.cdf(-1),
    wrong.mean(0),
    atol=4 * 0.5 / 400_000**0.5,
)

# %% [markdown]
r"""
**Try it.** How far apart must two such classes be for a Bayes error of one per cent?
"""

# %% tags=["yours"]
how_far_apart = ...  # the distance d

exercise("how-far-apart").check(how_far_apart)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\Phi(-\frac d2)=0.01$, so $d=-2\,\Phi^{-1}(0.01)=4.65$.

```python
how_far_apart = -2 * stats.norm.ppf(0.01)
```

</details>
"""

# %% [markdown]
r"""
(regression-practice)=
## In practice

The digits in an ordinary PyTorch loop. A quarter of the 1,797 images is for the report; of the others 300 choose the rate, the penalty (by their log-probability) or the number of neighbours. Four such splits, so that all images but one are in a report once. `cross_entropy` wants logits and applies the softmax itself.
"""

# %% tags=["set-up"]
from sklearn.neighbors import KNeighborsClassifier

pixels = torch.tensor(np.r_[ink[:, :64], ink_test[:, :64]])  # (1797, 64)
digit = torch.tensor(np.r_[digits.y_train, digits.y_test])
splits = []  # four times: images to fit, to choose by, for the report
for report in np.split(np.random.default_rng(42).permutation(1796), 4):
    others = np.setdiff1d(np.arange(1797), report)
    splits.append((others[300:], others[:300], report))


# %%
def train_digits(rows, lr, weight_decay=1e-4, epochs=100):  # setting
    torch.manual_seed(0)
    X, y = pixels[rows], digit[rows]
    model = torch.nn.Linear(64, 10)
    opt = torch.optim.SGD(model.parameters(), lr=lr, weight_decay=weight_decay)
    for _ in range(epochs):  # setting
        for batch in torch.randperm(len(y)).split(256):  # setting
            opt.zero_grad()
            F.cross_entropy(model(X[batch]), y[batch]).backward()
            opt.step()
    return model


# %% tags=["set-up"]
def answers_of(model, rows):
    if isinstance(model, torch.nn.Module):
        return model(pixels[rows]).argmax(1).numpy()
    return model.predict(pixels[rows].numpy())


def share_right(model, rows):
    return np.mean(answers_of(model, rows) == digit[rows].numpy())


def merit(model, rows):
    """What the choice goes by: the mean log probability of the truth; the neighbours' share."""
    if isinstance(model, KNeighborsClassifier):
        return share_right(model, rows)
    if isinstance(model, torch.nn.Module):
        return -F.cross_entropy(model(pixels[rows]), digit[rows]).item()
    log_p = model.predict_log_proba(pixels[rows].numpy())
    return log_p[np.arange(len(rows)), digit[rows].numpy()].mean()


def train_at_rates(rows, rates, softmaxed=False):
    """train_digits at several rates, side by side; softmaxed: once too often."""
    torch.manual_seed(0)
    X, y, start = pixels[rows], digit[rows], torch.nn.Linear(64, 10)
    k, eta = len(rates), torch.tensor(rates)[:, None]
    W = start.weight.detach().T[:, None].repeat(1, k, 1).requires_grad_()  # (64, k, 10)
    b = start.bias.detach().repeat(k, 1).requires_grad_()
    for _ in range(100):
        for batch in torch.randperm(len(y)).split(256):
            scores = (X[batch] @ W.view(64, -1)).view(-1, k, 10) + b
            scores = scores.softmax(-1) if softmaxed else scores
            goal = y[batch, None].expand(-1, k)
            losses = F.cross_entropy(scores.mT, goal, reduction="sum") / len(batch)
            for p, slope in zip((W, b), torch.autograd.grad(losses, (W, b))):
                p.data -= eta * (slope + 1e-4 * p.data)
    models = [torch.nn.Linear(64, 10) for _ in rates]
    for model, weight, bias in zip(models, W.detach().unbind(1), b.detach()):
        model.weight.data, model.bias.data = weight.T.contiguous(), bias
    return models


right_on, picks = {}, {}  # name → right or wrong on all 1,796 images; the choices
walked = []  # per split: the loop at five rates
for fit_rows, choose, report in splits:
    fit_X, fit_y = pixels[fit_rows].numpy(), digit[fit_rows].numpy()
    walks = train_at_rates(fit_rows, (0.1, 0.5, 2.0, 8.0, 32.0))
    walked.append(walks)
    families = {
        "softmax, this loop, rate 0.1": walks[:1],
        "    best of five rates": walks,
        "softmax, scikit-learn": [
            linear_model.LogisticRegression(C=c, max_iter=2000).fit(fit_X, fit_y)
            for c in (1, 10, 100, 1000)
        ],
        "nearest neighbours": [
            KNeighborsClassifier(k).fit(fit_X, fit_y) for k in (1, 3, 5, 7)
        ],
    }
    common = np.bincount(fit_y).argmax()
    right_on.setdefault("always the most common digit", []).append(
        common == digit[report].numpy()
    )
    for name, models in families.items():
        scores = [merit(m, choose) for m in models]
        picks.setdefault(name, []).append(int(np.argmax(scores)))
        best = models[picks[name][-1]]
        right_on.setdefault(name, []).append(
            answers_of(best, report) == digit[report].numpy()
        )
right_on = {name: np.array(rows, float) for name, rows in right_on.items()}  # (4, 449)
print("right answers on 449 test images each (one point is 4.5 images); four splits")
for name, rows in right_on.items():
    print(
        f"{name:30}"
        + "".join(f"{100 * r:6.1f} %" for r in rows.mean(1))
        + f"   all {100 * rows.mean():5.1f} %"
    )
neighbours_lead = (
    right_on["nearest neighbours"] - right_on["    best of five rates"]
).ravel()
print(
    f"neighbours minus best loop, image by image: {100 * neighbours_lead.mean():.1f} "
    f"± {100 * neighbours_lead.std(ddof=1) / 1796**0.5:.1f} points"
)

# %% [markdown]
r"""
With the learning rate 0.1, a common default, the loop stops short: the walk was too slow, which validation data show ([gradient descent](#gradient-descent-chapter)). Well trained, loop and library are less than a point apart on average, the library ahead on every split. And the *nearest neighbours*, who learn nothing, beat both on every split. That is what the following chapters are for.

| you have | start with | because |
|---|---|---|
| a number to predict | ridge on standardised features | closed form, one knob |
| many features of which few matter | lasso | [exact zeros](#lasso) |
| outliers in $y$ | absolute error, or *Huber's* loss: $\frac12r^2$ up to $\lvert r\rvert=\delta$, $\delta\lvert r\rvert-\frac12\delta^2$ beyond | a [bounded pull](#absolute-error-loss) on predictions; no help against a far-out $x$ |
| classes | logistic or softmax regression with a penalty | [convex](#eq-reg-logistic-hessian), [log-odds](#softmax) |
| counts | Poisson regression | [the log link](#generalized-linear-model) keeps predictions positive |

One penalty, two spellings: our $\frac\lambda2\|W\|^2$ on a *summed* loss is `C = 1/λ` in scikit-learn and `weight_decay = λ/n` on a *mean* loss in torch (SGD and Adam; AdamW decays apart from the slope). So `C=1` on 1,000 points is `weight_decay=1e-3`. And torch decays the intercept too, unless told not to.
"""

# %% tags=["checks"]
mean_right = {name: rows.mean() for name, rows in right_on.items()}
verify_at_least(
    "chosen rates against 0.1: gain, all four splits",
    (
        right_on["    best of five rates"] - right_on["softmax, this loop, rate 0.1"]
    ).mean(1),
    0.01,
)
agree = right_on["softmax, scikit-learn"] - right_on["    best of five rates"]
verify_at_most(
    "loop and library, over all images: difference",
    abs(mean_right["softmax, scikit-learn"] - mean_right["    best of five rates"]),
    0.01,
)
verify_at_least(
    "nearest neighbours ahead of the loop, image by image, in standard errors",
    neighbours_lead.mean() / (neighbours_lead.std() / 1796**0.5),
    3,
)
verify_at_least(
    "nearest neighbours minus loop, minus library, on each split",
    [
        (right_on["nearest neighbours"] - right_on[name]).mean(1)
        for name in ("    best of five rates", "softmax, scikit-learn")
    ],
    0.0,
)
verify(
    "chosen rates and penalties on an edge of their grids",
    sum(
        k in (0, last)
        for name, last in (("    best of five rates", 4), ("softmax, scikit-learn", 3))
        for k in picks[name]
    ),
    0,
)
fit_rows = splits[0][0]
verify(
    "the loop, and the same rate side by side with others: the weights",
    walked[0][2].weight.detach(),
    train_digits(fit_rows, 2.0).weight.detach(),
    atol=1e-3,
)
fit_X, fit_y = pixels[fit_rows].numpy(), digit[fit_rows].numpy()
judge = linear_model.LogisticRegression(solver="newton-cg", tol=1e-9).fit(fit_X, fit_y)
W = torch.tensor(judge.coef_.copy(), requires_grad=True)
mean_loss = F.cross_entropy(
    pixels[fit_rows] @ W.T + torch.tensor(judge.intercept_), digit[fit_rows]
)
mean_loss.backward()
verify(
    "scikit-learn's C = 1 is torch's weight_decay = 1/n: the slopes cancel at its optimum",
    -W.grad,
    W.detach() / len(fit_rows),
    atol=1e-6,
)

# %% [markdown]
r"""
(regression-beware)=
## Beware

**"The softmax belongs into the model."** Then `cross_entropy`, which wants scores, takes the softmax of numbers between 0 and 1. Even a perfect prediction costs $\log(1+9e^{-1})$, and no message says so. What is spoilt is the slope, and the loss as a number; a much larger rate repairs the first:
"""


# %% tags=["set-up"]
def twice_softmaxed(rows, choose):
    """Training loss and share right on validation data at the rates 0.5, 2 and 8."""
    found = []
    for model in train_at_rates(rows, (0.5, 2.0, 8.0), softmaxed=True):
        said = model(pixels[rows]).softmax(1)
        found.append(
            [F.cross_entropy(said, digit[rows]).item(), share_right(model, choose)]
        )
    return found


twice = np.array([twice_softmaxed(*split[:2]) for split in splits[:2]])
once = [
    max(share_right(model, choose) for model in walks[1:3])
    for walks, (_, choose, _) in zip(walked[:2], splits)
]  # logits at the rates 0.5 and 2
print(
    f"training loss {twice[..., 0].min():.2f} at best; perfect would be {math.log(1 + 9 / math.e):.2f}"
)
print("validation, two splits              softmax twice, rate 0.5, 2, 8   logits")
for rates_row, o in zip(twice[..., 1], once):
    print(
        f"{'':32}"
        + "".join(f"{100 * a:10.1f} %" for a in rates_row)
        + f"{100 * o:12.1f} %"
    )

# %% tags=["checks"]
verify_at_least(
    "softmax twice: the training loss stays above log(1 + 9/e)",
    twice[..., 0],
    np.full((2, 3), math.log(1 + 9 / math.e)),
)
verify_at_least(
    "at the rate 0.5: what it costs on validation data, mean of two splits",
    np.mean(np.array(once) - twice[:, 0, 1]),
    0.05,
)

# %% [markdown]
r"""
**"A penalty treats all features alike."** It has units. Measure a length in millimetres instead of metres: its weight must shrink a thousandfold to say the same, and a penalty on squares shrinks with it a millionfold, to nothing. Least squares does not notice; ridge predicts differently. Standardise first, or mean it.

**"I did not ask for a penalty."** scikit-learn's `LogisticRegression` has `C=1` unless told otherwise. On [separable points](#eq-reg-separable), without a maximum, it reports a modest weight and no warning.

**"A probability from a logistic regression is a probability."** If the model is right and the data are many. With 30 features, 200 points and a weak penalty it is much too sure of itself. The usual repair takes two numbers more, a factor for the score (one over [the temperature](#softmax)) and an offset, fitted on points that were held out. So its rival fits the weights on one hundred points, and the two numbers on the other hundred:
"""


# %% tags=["set-up"]
def sure_and_right(C, seed):
    """Stated probability of its own answers and share right; both for the corrected rival."""
    X, y = (a[0] for a in two_gaussians(np.random.default_rng(seed), 2, 1, 10_200, 30))
    X, X_new, y, truth = X[:200, :-1], X[200:, :-1], y[:200], y[200:]
    model = lambda: linear_model.LogisticRegression(C=C, max_iter=5000)
    plain, halved = model().fit(X, y), model().fit(X[:100], y[:100])
    held = np.c_[halved.decision_function(X[100:]), np.ones(100)]
    factor, offset = newton([0, 0], held, y[100:], 30)[-1]
    row = []
    for score in (
        plain.decision_function(X_new),
        factor * halved.decision_function(X_new) + offset,
    ):
        row += [special.expit(abs(score)).mean(), np.mean((score > 0) == truth)]
    return row


strengths = (100.0, 1.0, 0.03, 0.001)
claimed = np.array([[sure_and_right(C, seed) for seed in range(10)] for C in strengths])
print("penalty 1/C   200: says    is right   100 + 100: says    is right")
for C, values in zip(strengths, claimed.mean(1)):
    print(
        f"{1 / C:9.2f}{100 * values[0]:10.1f} %{100 * values[1]:10.1f} %"
        f"{100 * values[2]:16.1f} %{100 * values[3]:10.1f} %"
    )

# %% [markdown]
r"""
With little penalty it boasts, with the one that answers best (33) it is too modest: the likelihood rewards honest probabilities *on the data it saw*. After the correction, what is said is one to three points above what happens: two numbers fitted on a hundred points still boast a little. And a hundred points that are held out teach no weights, and that costs up to five points of accuracy. Only under the strongest penalty, which answered worst, the rival answers better too: the small weights pointed the right way, and were drowned by an unpenalised intercept that repeats the majority of the labels. Leave the intercept out, and this model is right as often as the best of the table.

**"First choose the good features, then cross-validate."** The validation folds have then voted on the features, and confirm their vote: on pure noise [nearly nine of ten are right](#collection-misleads). Everything that looks at labels belongs *inside* the folds.
"""

# %% tags=["checks"]
overconfidence = claimed[..., 0] - claimed[..., 1]
verify_at_least(
    "weak penalty: claimed minus true accuracy, ten data sets", overconfidence[0], 0.05
)
verify_at_most(
    "strong penalty: claimed minus true accuracy, ten data sets",
    overconfidence[2],
    -0.05,
)
sizes = data.diabetes()
in_mm = sizes.X_train * np.where(np.arange(10) == 2, 1000.0, 1.0)
answers = [
    [m.fit(A, sizes.y_train).predict(A) for A in (sizes.X_train, in_mm)]
    for m in (linear_model.LinearRegression(), linear_model.Ridge(alpha=300.0))
]
verify(
    "new units: least squares predicts the same",
    answers[0][1],
    answers[0][0],
    atol=1e-8,
)
verify_at_least(
    "new units: ridge changes its mind by up to",
    abs(answers[1][1] - answers[1][0]).max(),
    0.05,
)
spaced = np.linspace(-1, 1, 20)
unasked = linear_model.LogisticRegression().fit(spaced[:, None], spaced > 0).coef_[0]
verify(
    "the unasked penalty is λ = 1: our Newton's method with it",
    unasked,
    newton([0.0], spaced[:, None], (spaced > 0).astype(float), penalty=1.0)[-1],
    rtol=1e-3,
)
bare = []
for seed in range(10):
    X, y = (a[0] for a in two_gaussians(np.random.default_rng(seed), 2, 1, 10_200, 30))
    fair = linear_model.LogisticRegression(C=0.001, fit_intercept=False)
    bare.append(fair.fit(X[:200, :-1], y[:200]).score(X[200:, :-1], y[200:]))
verify_at_least(
    "the strongest penalty, no intercept: share right over the best of the table",
    np.mean(bare) / claimed[..., 1].mean(1).max(),
    0.99,
)
corrected = claimed[..., 2] - claimed[..., 3]  # (4, 10)
verify_at_most(
    "after the correction: claimed minus true accuracy, means of ten data sets",
    abs(corrected.mean(1)),
    0.05,
)
cost = (
    claimed[..., 1] - claimed[..., 3]
)  # accuracy of all 200 points, minus the rival's
verify_at_least(
    "what holding out costs, three penalties, in standard errors",
    cost[:3].mean(1) / (cost[:3].std(1, ddof=1) / 10**0.5),
    2,
)
verify_at_most("at most", cost[:3].mean(1), 0.06)
verify_at_least("strongest penalty: what the rival gains", -cost[3].mean(), 0.05)

# %% [markdown]
"""
(regression-exercises)=
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""

# %% [markdown]
r"""
:::{exercise} Some points count more
:label: ex-reg-weighted
Derive the minimiser of $\sum_ic_i(y_i-x_i^\top\theta)^2$ for weights $c_i>0$ and write it as a function. (Each Newton step of logistic regression is such a fit.)
:::
"""

# %% tags=["yours"]
weighted = ...  # a function of X, y and the vector c

exercise("weighted").check(weighted)

# %% [markdown]
r"""
<details><summary>Solution</summary>

With $C=\operatorname{diag}(c)$ the gradient is $2X^\top C(X\theta-y)$, so $X^\top CX\theta=X^\top Cy$.

```python
weighted = lambda X, y, c: np.linalg.solve((X * c[:, None]).T @ X, X.T @ (c * y))
```

</details>

:::{exercise} Leave one out without refitting
:label: ex-reg-leave-one-out
Let $\hat y=Py$ with the projection $P=X(X^\top X)^{-1}X^\top$. The error at point $i$ of a fit *without* point $i$ is $(y_i-\hat y_i)/(1-P_{ii})$. Return all of them from a single fit. (Why is it true? Replace $y_i$ by the left-out prediction: then the full fit is the left-out fit.)
:::
"""

# %% tags=["yours"]
leave_one_out = ...  # a function of X and y, returning n errors

exercise("leave-one-out").check(leave_one_out)

# %% [markdown]
r"""
<details><summary>Solution</summary>

With $\tilde y_i$ the left-out prediction in place of $y_i$, the full fit predicts $\tilde y_i$ at $i$. By linearity $\tilde y_i=\hat y_i+P_{ii}(\tilde y_i-y_i)$; subtract both sides from $y_i$ and solve.

```python
def leave_one_out(X, y):
    P = X @ np.linalg.pinv(X)
    return (y - P @ y) / (1 - np.diag(P))
```

</details>

:::{exercise} Softmax, mean loss
:label: ex-reg-softmax-gradient
Write the gradient in $W$ of the *mean* cross-entropy of softmax regression, for integer labels $y$, without a loop over examples and without looking it up.
:::
"""

# %% tags=["yours"]
mean_gradient = ...  # a function of W, X, y

exercise("softmax-gradient").check(mean_gradient)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A row of the identity matrix is a one-hot label.

```python
def mean_gradient(W, X, y):
    return X.T @ (softmax(X @ W) - np.eye(W.shape[1])[y]) / len(y)
```

</details>

:::{exercise} The right temperature
:label: ex-reg-temperature
A classifier boasts: its scores are all too large by one factor. Find, from validation scores $z$ (one row per example) and labels $y$, the temperature $T$ for which $\operatorname{softmax}(z/T)$ is likeliest. (At the optimum the mean of $z_y$ equals the mean of $\sum_kp_kz_k$. Why?)
:::
"""

# %% tags=["yours"]
right_temperature = ...  # a function of scores (n, m) and labels (n,)

exercise("right-temperature").check(right_temperature)

# %% [markdown]
r"""
<details><summary>Solution</summary>

In $u=1/T$ the loss is convex with slope $\sum_i\bigl(\sum_kp_{ik}z_{ik}-z_{iy_i}\bigr)$: prediction minus truth, times the input. No accuracy changes, only the confidence.

```python
def right_temperature(z, y):
    loss = lambda log_T: cross_entropy(z / np.exp(log_T), y).sum()
    return np.exp(optimize.minimize_scalar(loss, bounds=(-4, 4), method="bounded").x)
```

</details>

:::{exercise} Unequal classes
:label: ex-reg-unequal
Class 0 is $\mathcal N(-1,1)$ and makes up 90 % of the population, class 1 is $\mathcal N(1,1)$. Where should the cut be?
:::
"""

# %% tags=["yours"]
unequal_cut = ...  # a number

exercise("unequal").check(unequal_cut)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The log-odds are $2x+\log\frac{0.1}{0.9}$, zero at $x=\frac12\log9$: the cut moves into the rare class.

```python
unequal_cut = np.log(9) / 2
```

</details>

:::{exercise} Project: a fit that never embarrasses
:label: ex-reg-project
Write a function that receives 40 noisy samples $(x,y)$ of an unknown curve on $[0,1]$ and returns a prediction function. Choose the degree, or a penalty, from the data alone. It is tried on fifteen data sets: the median test error must be below $0.012$, and not one above $0.2$. How low can you get it?
:::
"""

# %% tags=["yours"]
careful_fit = ...  # a function of x and y that returns a function

exercise("careful-fit").check(careful_fit)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A ridge that grows with the degree of the polynomial believes in smooth curves, and leaving one out by the formula of the earlier exercise, which is exact for ridge as well, chooses its strength.

```python
def careful_fit(x, y):
    X, growth = powers(x, 12), np.arange(13.0)**4
    best = np.inf
    for lam in 10.0 ** np.arange(-6, 2, 0.5):
        S = np.linalg.solve(X.T @ X + lam * np.diag(growth), X.T)
        P = X @ S
        error = np.mean(((y - P @ y) / (1 - np.diag(P)))**2)
        if error < best:
            best, theta = error, S @ y
    return lambda t: powers(t, 12) @ theta
```

</details>
"""

# %% [markdown]
r"""
(regression-summary)=
## Summary

| idea | formula | where |
|---|---|---|
| the recipe | loss = minus the log of the probability of the answers (and of the weights) | [Gauss](#eq-reg-gauss), [coin](#eq-reg-bce), [prior](#eq-reg-ridge) |
| least squares | $X^\top X\theta=X^\top y$: the residual is orthogonal to the features | [normal equations](#eq-reg-gradient) |
| sigmoid, softmax | log-odds linear: $\sigma(z)=\frac1{1+e^{-z}}$, $p_i=e^{z_i}/\sum_je^{z_j}$ | [two](#eq-reg-sigmoid), [many](#eq-reg-softmax) |
| gradient | prediction minus truth, times the input: $X^\top(\hat y-y)$, with the canonical link | [coin](#eq-reg-logistic-gradient), [softmax](#eq-reg-softmax-gradient), [why](#eq-reg-glm-gradient) |
| Newton | $w\leftarrow w-\eta(X^\top SX)^{-1}X^\top(\hat y-y)$, halve $\eta$ until the loss falls | [step](#eq-reg-newton) |
| price | noise + bias² + $\sigma^2p/n$; the training error flatters by $2\sigma^2p/n$ | [law](#eq-reg-bv) |
| penalty | ridge shrinks by $\frac{s^2}{s^2+\lambda}$, best $\lambda=\sigma^2/\tau^2$; lasso thresholds | [ridge](#eq-reg-shrink), [risk](#eq-reg-ridge-risk), [lasso](#eq-reg-soft) |
| the best possible | Bayes error $\Phi(-d/2)$; $n\cdot$ excess $\to\frac{p\,\varphi(d/2)}{4dA_0}$ | [wall](#eq-reg-bayes-gauss), [law](#eq-reg-excess-limit) |

**Further reading.** {cite:t}`hastie2009` is the book on everything here; {cite:t}`hoerl1970` brought ridge regression into statistics, {cite:t}`tibshirani1996` the lasso, {cite:t}`mccullagh1989` wrote the book on generalised linear models, and {cite:t}`efron1975` computed what a logistic regression pays for not knowing that the classes are Gaussian. [Gradient descent](#gradient-descent-chapter) asks how to get to a minimum when there is no formula.
"""

# %% [markdown]
r"""
(regression-shelf)=
## The shelf

What the thread did not need stands here, to be consulted rather than read through: every entry can be read alone.
"""

# %% [markdown]
r"""
(loss-wrt-parameters-not-data)=
### We minimise over the parameters, not over the data

The points are given, the parameters are sought: $\nabla_\theta\ell$ is taken with all $(x_i,y_i)$ held fixed, and the sum runs over the whole data set. The same number can be differentiated in $x$. That has one entry per input and asks another question (how should the *data* change to be fitted worse?), the one of adversarial examples.
"""

# %% tags=["checks"]
theta, tx = torch.tensor([1.5, 0.5], requires_grad=True), torch.tensor(x20)
((torch.tensor(y20) - theta[0] * tx - theta[1]) ** 2).sum().backward()
rest = y20 - 1.5 * x20 - 0.5
verify(
    "the slope in θ has one entry per parameter: −2Σxr and −2Σr",
    theta.grad,
    [-2 * x20 @ rest, -2 * rest.sum()],
    rtol=1e-12,
)
tx.requires_grad_(True)
((torch.tensor(y20) - 1.5 * tx - 0.5) ** 2).sum().backward()
verify(
    "the slope in x has one entry per point: −2ar", tx.grad, -2 * 1.5 * rest, rtol=1e-12
)

# %% [markdown]
r"""
(mean-squared-error)=
### Mean squared error of a model and of an estimator

$\operatorname{MSE}(\theta)=\frac1n\sum_i(y_i-f_\theta(x_i))^2$ has the minimiser of the sum; the two *minima* differ by the factor $n$. For an estimator $\hat\mu$ of a number $\mu$ with $m=\mathbb E\hat\mu$, expanding $(\hat\mu-m+m-\mu)^2$ loses its mixed term, whose mean is zero:

$$
\mathbb E(\hat\mu-\mu)^2=\underbrace{(m-\mu)^2}_{\text{bias}^2}+\underbrace{\operatorname{Var}\hat\mu}_{\text{variance}}.
$$ (eq-reg-estimator)

So a biased estimator may win: the mean of five numbers with variance $1$, multiplied by $c$, has $\operatorname{MSE}=(1-c)^2\mu^2+\frac{c^2}5$, smallest at $c=\frac{\mu^2}{\mu^2+1/5}<1$. That is no free lunch, since $c$ depends on the unknown $\mu$.
"""

# %% tags=["checks"]
means = np.random.default_rng(3).normal(1, 1, (10_000, 5)).mean(1)
verify_within_se(
    "μ = 1, shrunk by 5/6: squared error", (5 / 6 * means - 1) ** 2, 1 / 36 + 25 / 180
)
grid = np.linspace(0.5, 1.2, 701)
by_grid = [np.mean((c * means - 1) ** 2) for c in grid]
verify(
    "the best factor, by search", grid[np.argmin(by_grid)], 1 / (1 + 1 / 5), atol=0.02
)

# %% [markdown]
r"""
(standard-error-of-the-slope)=
### How sure is the slope?

Insert $y_i=ax_i+b+\varepsilon_i$ into [the formula](#eq-reg-line): $\hat a=a+\sum_i(x_i-\bar x)\varepsilon_i\big/\sum_i(x_i-\bar x)^2$. The noise has mean zero, so $\hat a$ is unbiased; variances add, so

$$
\operatorname{se}(\hat a)=\frac\sigma{\sqrt{\sum_i(x_i-\bar x)^2}} .
$$ (eq-reg-se)

Only the spread of the inputs counts, not where they lie: to measure a slope, put the $x_i$ far apart.
"""

# %% tags=["checks"]
shifted = x20 + 3
noise = 0.5 * np.random.default_rng(4).normal(size=(4000, 20))
slopes = np.polyfit(shifted, (2 * shifted - 1 + noise).T, 1)[0]
verify_within_se("mean of 4,000 slopes", slopes, 2.0)
verify(
    "their standard deviation: σ/√Σ(x − x̄)²",
    slopes.std(ddof=1),
    0.5 / np.sqrt(20 * x20.var()),
    rtol=4 / np.sqrt(2 * 4000),
)

# %% [markdown]
r"""
(derivatives-of-linear-and-quadratic-forms)=
### Gradients of linear and quadratic forms

In $x^\top Ax=\sum_{ij}A_{ij}x_ix_j$ only the terms with $i=k$ or $j=k$ know $x_k$:

$$
\frac{\partial}{\partial x_k}\sum_{ij}A_{ij}x_ix_j=\sum_jA_{kj}x_j+\sum_iA_{ik}x_i=(Ax)_k+(A^\top x)_k .
$$ (eq-reg-form)

| function of $x$ | gradient, as a column |
|---|---|
| $a^\top x$ | $a$ |
| $x^\top x$ | $2x$ |
| $b^\top Ax$ | $A^\top b$ |
| $x^\top Ax$ | $(A+A^\top)x$, and $2Ax$ only if $A=A^\top$ |
| $(Ax+b)^\top C(Dx+e)$ | $D^\top C^\top(Ax+b)+A^\top C(Dx+e)$ |

The last row is the product rule and contains the others. With $A=X^\top X$ it gives $\nabla\|y-X\theta\|^2=2X^\top(X\theta-y)$.
"""

# %% tags=["checks"]
rng = np.random.default_rng(5)
v, b3, e5 = (torch.tensor(rng.normal(size=k)) for k in (4, 3, 5))
A, C, D, S = (
    torch.tensor(rng.normal(size=k)) for k in ((3, 4), (3, 5), (5, 4), (4, 4))
)
slope_of = lambda form: torch.autograd.functional.jacobian(form, v)
verify(
    "the product rule with rectangular matrices, by automatic differentiation",
    slope_of(lambda x: (A @ x + b3) @ (C @ (D @ x + e5))),
    D.T @ C.T @ (A @ v + b3) + A.T @ C @ (D @ v + e5),
    atol=1e-10,
)
verify(
    "x⊤Sx for a matrix that is not symmetric: (S + S⊤)x",
    slope_of(lambda x: x @ (S @ x)),
    (S + S.T) @ v,
    atol=1e-10,
)
verify_at_least("there 2Sx is wrong by", abs(2 * S @ v - (S + S.T) @ v).max(), 0.1)

# %% [markdown]
r"""
(least-squares-in-floating-point)=
### Least squares in floating point

With $X=QR$ (orthonormal columns, triangular), the normal equations read $R^\top R\theta=R^\top Q^\top y$; cancel $R^\top$. With $X=U\Sigma V^\top$ the same cancellation divides once per singular direction:

$$
R\,\hat\theta=Q^\top y,\qquad\hat\theta=V\Sigma^{-1}U^\top y .
$$ (eq-reg-qr)

Forming $X^\top X$ *squares* the condition number. For the powers $1,\dots,x^{15}$ on $[-1,1]$ that costs five of eleven correct digits, about as many as the condition number has, whether one then inverts or solves; QR and SVD keep them. If columns are dependent, whole lines of parameters fit equally well. The *pseudo-inverse* divides only by the non-zero $s_i$; every other minimiser adds something orthogonal to all those $v_i$, so by Pythagoras it is longer.
"""

# %% tags=["checks"]
tall = np.vander(np.linspace(-1, 1, 100), 16)
Q, R = np.linalg.qr(tall)
lost = []  # error of the inverse, of the solved system, of QR: ten times
for known in np.random.default_rng(7).normal(size=(10, 16)):
    ways = (
        np.linalg.inv(tall.T @ tall) @ (tall.T @ (tall @ known)),
        least_squares(tall, tall @ known),
        np.linalg.solve(R, Q.T @ (tall @ known)),
    )
    lost.append([np.log10(abs(theta - known).max()) for theta in ways])
lost = np.median(lost, 0)
verify(
    "degree 15: digits that the normal equations lose against QR, inverted and solved",
    lost[:2] - lost[2],
    np.full(2, np.log10(np.linalg.cond(tall))),
    atol=1,
)
twin = np.c_[X_belief, X_belief[:, 0]]  # the first column twice
shortest, single = (
    np.linalg.pinv(twin) @ noisy[:, 0],
    least_squares(X_belief, noisy[:, 0]),
)
verify(
    "twin columns: the pseudo-inverse gives each half of the weight",
    shortest[[0, -1]],
    np.full(2, single[0] / 2),
    atol=1e-10,
)

# %% [markdown]
r"""
(multi-output-linear-regression)=
### Several answers at once

For $y_i=Ax_i+b$ with $y_i\in\mathbb R^d$ and a matrix $A$, stack the answers as rows of $Y$ and put $\tilde X=[X\ \mathbf 1]$, $\Theta=\begin{pmatrix}A^\top\\b^\top\end{pmatrix}$. The loss is a sum over the columns of $Y$, each with its own column of $\Theta$: the problems *decouple*,

$$
\Theta=(\tilde X^\top\tilde X)^{-1}\tilde X^\top Y ,
$$ (eq-reg-multi)

and the gradient $2\tilde X^\top(\tilde X\Theta-Y)$ has the shape of $\Theta$.
"""

# %% tags=["checks"]
rng = np.random.default_rng(8)
inputs, A_true, b_true = (
    rng.normal(size=(200, 3)),
    rng.normal(size=(3, 3)),
    rng.normal(size=3),
)
Y = inputs @ A_true.T + b_true + 0.01 * rng.normal(size=(200, 3))
Theta = least_squares(np.c_[inputs, np.ones(200)], Y)
verify(
    "A and b, from 200 noisy answers", Theta, np.vstack([A_true.T, b_true]), atol=0.005
)
library = linear_model.LinearRegression().fit(inputs, Y[:, 1])
verify("one regression for one column alone", Theta[:3, 1], library.coef_, atol=1e-10)

# %% [markdown]
r"""
(one-linear-layer-network)=
### The smallest network

One linear layer with the mean squared error *is* linear regression: convex, quadratic, closed form. Stack a second, $\hat y=w_2w_1x$: the functions are the same, so is the least loss, but in the weights it is convex no more. For $y=x$ the pairs $(1,1)$ and $(-1,-1)$ are both perfect, and halfway between them lies $(0,0)$, which predicts nothing.
"""

# %% tags=["checks"]
torch.manual_seed(0)
layer, sgd_X, sgd_y = torch.nn.Linear(20, 1, bias=False), X_belief, noisy[:, 0]
walk = torch.optim.SGD(layer.parameters(), lr=0.2)
for _ in range(1500):
    walk.zero_grad()
    F.mse_loss(layer(torch.tensor(sgd_X))[:, 0], torch.tensor(sgd_y)).backward()
    walk.step()
verify(
    "a trained linear layer ends at the closed form",
    layer.weight[0],
    least_squares(sgd_X, sgd_y),
    atol=1e-6,
)
product = lambda w: np.mean((x20 - w[1] * w[0] * x20) ** 2)
bend = np.diff([product((t, t)) for t in (-1.0, 0.0, 1.0)], 2)[0]
verify_at_most(
    "two layers: second difference through (−1, −1), (0, 0), (1, 1)", bend, -1.0
)

# %% [markdown]
r"""
(conditional-expectation-is-optimal)=
### The best of all functions

Suppose any function $f$ were allowed and the distribution known. Put $f^*(x)=\mathbb E[y\mid x]$. Then

$$
\mathbb E(y-f)^2=\mathbb E(y-f^*)^2+\mathbb E(f^*-f)^2+2\,\mathbb E\bigl[(y-f^*)(f^*-f)\bigr],
$$

and given $x$ the factor $f^*-f$ is a constant and $y-f^*$ has mean zero, so the last term vanishes: the *conditional mean* is best, and any other $f$ pays $\mathbb E(f-f^*)^2$ on top. For the absolute error the conditional *median* takes its place.
"""

# %% tags=["checks"]
rng = np.random.default_rng(10)
group = rng.integers(0, 3, 100_000)
wait = rng.exponential(group + 1.0)  # mean k + 1, median ln 2 times that
constants_grid = np.linspace(0.3, 4, 75)
waits = [wait[group == k] for k in range(3)]
best = {
    p: [
        constants_grid[np.argmin([np.mean(abs(v - c) ** p) for c in constants_grid])]
        for v in waits
    ]
    for p in (1, 2)
}
verify("squared error, searched freely: the means", best[2], [1.0, 2, 3], atol=0.05)
verify(
    "absolute error, searched freely: the medians",
    best[1],
    np.log(2) * np.arange(1, 4),
    atol=0.05,
)
verify_within_se(
    "f = 2 everywhere pays E(f − f*)² = 2/3 on top",
    (wait - 2) ** 2 - (wait - group - 1) ** 2,
    2 / 3,
)

# %% [markdown]
r"""
(loss-as-functional)=
### The loss as a functional

A risk $R[f]$ eats a whole function. It is stationary if the slope along *every* perturbation vanishes,

$$
\frac d{d\epsilon}R[f+\epsilon h]\Big|_{\epsilon=0}=0\qquad\text{for all }h .
$$ (eq-reg-variation)

Example: $R[f]=\int_0^1(f-y)^2+\lambda f'^2$. By parts its slope along $h$ is $2\int(f-y-\lambda f'')h+2\lambda[f'h]_0^1$. Perturbations that vanish at the ends force $f-\lambda f''=y$ (the *Euler–Lagrange equation*), the others then $f'(0)=f'(1)=0$ (the *natural boundary conditions*). For $y=\cos\pi kx$ the solution is $f=y/(1+\lambda\pi^2k^2)$: high frequencies are shrunk more. It is ridge for functions.
"""

# %% tags=["checks"]
m, lam = 2000, 0.01
t = (np.arange(m) + 0.5) / m
from scipy.linalg import solveh_banded

bands = np.zeros((2, m))
bands[0, 1:] = -lam * m**2
bands[1] = 1 + 2 * lam * m**2
bands[1, [0, -1]] -= lam * m**2
target = np.cos(3 * np.pi * t) + 0.5 * np.cos(np.pi * t)
verify(
    "the minimiser of the discretised risk, against the solution on paper",
    solveh_banded(bands, target),
    np.cos(3 * np.pi * t) / (1 + lam * 9 * np.pi**2)
    + 0.5 * np.cos(np.pi * t) / (1 + lam * np.pi**2),
    atol=1e-5,
)

# %% [markdown]
r"""
(polynomial-identifiability)=
### At least $k+1$ points for degree $k$

The least-squares polynomial of degree $k$ is unique if and only if at least $k+1$ of the $x_i$ are distinct; with exactly $k+1$ distinct points it passes through all of them, with fewer there are infinitely many exact fits. *Proof.* Uniqueness fails exactly if $Xc=0$ for some $c\ne0$, that is, if a non-zero polynomial of degree at most $k$ vanishes at every $x_i$. With $k+1$ distinct zeros that is impossible; with fewer, $\prod_i(x-x_i)$ does it. A square invertible $X$ solves $Xc=y$ for every $y$.
"""

# %% tags=["checks"]
ranks = [np.linalg.matrix_rank(powers(np.linspace(0, 1, n), 3)) for n in range(1, 7)]
verify(
    "degree 3 at 1 to 6 distinct points: rank", ranks, np.minimum(np.arange(1, 7), 4)
)
copies = np.linalg.matrix_rank(powers(np.repeat([0.3, 0.7], 10), 3))
verify("ten copies of each of two points: rank", int(copies), 2)
verify(
    "degree 3 passes through four points",
    powers(x30[:4], 3) @ poly_fit(x30[:4], y30[:4], 3),
    y30[:4],
    atol=1e-9,
)

# %% [markdown]
r"""
(weierstrass-theorem)=
### Weierstrass: can polynomials do everything?

For every continuous $f$ on $[a,b]$ and every $\epsilon>0$ there is a polynomial $P$ with $|f-P|<\epsilon$ on all of $[a,b]$ (and on compact subsets of $\mathbb R^n$: Stone–Weierstrass). On $[0,1]$ one can write it down: toss a coin with bias $x$ $N$ times and pay $f(\text{share of heads})$. The expected payment is the *Bernstein polynomial*

$$
B_N(x)=\sum_{k=0}^Nf\bigl(\tfrac kN\bigr)\binom Nkx^k(1-x)^{N-k},
$$ (eq-reg-bernstein)

and by the law of large numbers it tends to $f(x)$. For $f=|x-\frac12|$ the error at $\frac12$ is the mean distance of the share from $\frac12$, about $\sqrt{2/\pi}\cdot\frac1{2\sqrt N}=1/\sqrt{2\pi N}$: slow. And existence is no algorithm: the polynomials through equispaced points of $1/(1+25x^2)$ on $[-1,1]$ *diverge* (Runge), while those through Chebyshev's nodes gain a factor $\frac15+\sqrt{1.04}\approx1.22$ with every point, set by the distance of the poles $\pm\frac i5$.
"""


# %% tags=["picture"] mystnb={"image": {"alt": "Left Bernstein polynomials of degree 4, 20 and 100 approach a kink from above. Right the polynomial of degree 20 through equispaced points of a bell-shaped curve swings wildly near the ends."}}
def bernstein(f, N, x):
    k = np.arange(N + 1)
    return stats.binom.pmf(k, N, x[:, None]) @ f(k / N)


def through_points(nodes, values, x):
    N = len(nodes) - 1
    T = np.polynomial.chebyshev.chebvander
    return T(x, N) @ np.linalg.solve(T(nodes, N), values)


runge = lambda u: 1 / (1 + 25 * u**2)
kink = lambda x: abs(x - 0.5)
wide = np.linspace(-1, 1, 1000)
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8))
left.plot(fine, kink(fine), color=plot.GREY)
for N, colour in ((4, plot.SKY), (20, plot.BLUE), (100, plot.GREEN)):
    left.plot(fine, bernstein(kink, N, fine), color=colour, label=f"degree {N}")
left.legend()
right.plot(wide, runge(wide), color=plot.GREY)
even = np.linspace(-1, 1, 21)
right.plot(wide, through_points(even, runge(even), wide), color=plot.RED)
right.plot(even, runge(even), "k.")
left.set(title="Bernstein", xlabel="$x$")
right.set(ylim=(-1, 2), title="through equispaced points", xlabel="$x$")
plt.show()

# %% tags=["checks"]
sizes = np.array([40, 160, 640])
verify(
    "Bernstein: largest error of the kink, 1/√(2πN)",
    [
        abs(
            bernstein(kink, N, np.linspace(0, 1, 401)) - kink(np.linspace(0, 1, 401))
        ).max()
        for N in sizes
    ],
    1 / np.sqrt(2 * np.pi * sizes),
    rtol=0.02,
)
worst = []
for N in (20, 40):
    flat, cheb = (
        np.linspace(-1, 1, N + 1),
        np.cos((np.arange(N + 1) + 0.5) * np.pi / (N + 1)),
    )
    worst.append(
        [
            abs(through_points(u, runge(u), wide) - runge(wide)).max()
            for u in (flat, cheb)
        ]
    )
verify_at_least(
    "Runge: growth of the error from 21 to 41 points", worst[1][0] / worst[0][0], 100
)
pole = 0.2 + math.sqrt(1.04)  # the ellipse through ±i/5
verify(
    "Chebyshev's nodes: gain from 21 to 41 points, by the pole at i/5",
    worst[0][1] / worst[1][1],
    pole**20,
    rtol=0.1,
)

# %% [markdown]
r"""
(generalization)=
### Generalisation: away from the data only the prior speaks

A fitted model *generalises* if it explains new data from the same source. We ask for one element of an infinite-dimensional space and offer finitely many numbers; where there are no data, the answer comes from the model's assumptions alone. Leave a gap in the inputs and fit fifty resampled data sets (the *bootstrap*: draw $n$ points with replacement): they agree where there are points; in the gap each tells its own story with the same confidence.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Fifty polynomial fits to bootstrap samples of points with a gap in the middle: they run together where there are points and fan out widely in the gap."}}
rng = np.random.default_rng(16)
gap_u = rng.uniform(0, 0.7, 60)
gap_x = np.where(gap_u < 0.35, gap_u, gap_u + 0.3)  # nothing in (0.35, 0.65)
gap_y = cosine(gap_x) + 0.2 * rng.normal(size=60)
draws = rng.integers(0, 60, (50, 60))
curves = np.array([powers(fine, 8) @ poly_fit(gap_x[i], gap_y[i], 8) for i in draws])
fig, ax = plt.subplots(figsize=(6.8, 3.0))
ax.axvspan(0.35, 0.65, color=plot.GREY, alpha=0.12)
ax.plot(fine, curves.T, color=plot.BLUE, lw=0.6, alpha=0.4)
ax.plot(fine, cosine(fine), ":", color="black")
ax.plot(gap_x, gap_y, "k.", ms=4)
ax.set(ylim=(-3, 2.5), xlabel="$x$", ylabel="$y$")
plt.show()

# %% tags=["checks"]
in_gap = (fine > 0.38) & (fine < 0.62)
covered = ((fine > 0.05) & (fine < 0.33)) | ((fine > 0.67) & (fine < 0.95))
scatter = curves.std(0)
verify_at_least(
    "disagreement of fifty fits in the gap over that beside it",
    np.median(scatter[in_gap]) / np.median(scatter[covered]),
    3,
)

# %% [markdown]
r"""
(train-validation-diagnosis)=
### Diagnosis from two numbers

In life neither bias nor variance is known. Set a *validation set* aside, fit on the rest, and compare the two errors with each other and with a *reference*, without which "large" means nothing: the noise if it is known, the error of a person, of the best model so far.

| training | validation | diagnosis |
|---|---|---|
| at the reference | little above | fine |
| well above | little above training | underfitting: bias |
| well below validation | above the reference | overfitting: variance |
| above validation | at the reference | chance, an easier validation set, or a penalty active only in training |
"""

# %% tags=["checks"]
two_errors = []
for seed in range(60):
    rng = np.random.default_rng(100 + seed)
    x, x_val = rng.uniform(0, 1, (2, 30))
    y, y_val = (cosine(u) + 0.2 * rng.normal(size=30) for u in (x, x_val))
    fits = [poly_fit(x, y, k) for k in (1, 4, 12)]
    two_errors.append(
        [
            [np.mean((powers(u, k) @ c - v) ** 2) for u, v in ((x, y), (x_val, y_val))]
            for k, c in zip((1, 4, 12), fits)
        ]
    )
on_train, on_val = np.median(two_errors, 0).T / 0.04  # in units of the noise, (3,) each
verify_at_least(
    "degree 1 (bias): training error in units of the noise; degree 12 (variance): validation over training",
    [on_train[0], on_val[2] / on_train[2]],
    3,
)
verify_at_most(
    "degree 1: validation over training; degree 4: validation over noise",
    [on_val[0] / on_train[0], on_val[1]],
    1.6,
)

# %% [markdown]
r"""
(train-dev-test-split)=
### Why three sets and not two

Parameters are fitted on the *training* set, hyperparameters chosen on the *validation* (dev) set, and the final number is measured once on the *test* set, say 70/20/10. Why not report the validation score? Because it was *chosen*. Let 200 coin-flipping classifiers compete on 100 coin-flip labels. With $F$ the distribution function of the binomial, the best of 200 is below $k$ with probability $F(k-1)^{200}$: on average it has nearly 64 right, made of nothing but choosing. A fresh test set does not know who won.
"""

# %% tags=["checks"]
rng = np.random.default_rng(18)
answers = rng.integers(0, 2, (400, 200, 300), dtype=np.int8)  # 100 validation, 200 test
truths = rng.integers(0, 2, (400, 1, 300), dtype=np.int8)
hits = answers == truths
winner = hits[:, :, :100].mean(2).argmax(1)
own = hits[np.arange(400), winner]  # the winner's hits in each of 400 contests
tail = 1 - stats.binom(100, 0.5).cdf(np.arange(100)) ** 200  # P(best > k)
verify_within_se(
    "validation score of the winner", own[:, :100].mean(1), tail.sum() / 100
)
verify_within_se("test score of the same winner", own[:, 100:].mean(1), 0.5)

# %% [markdown]
r"""
(model-choice-and-amount-of-data)=
### Will more data help?

A line fits few points of a sine well enough; more points reveal that it is wrong. A model is *scalable* if it goes on improving as data come in. For $y=\sin2\pi x+\varepsilon$ on $[0,1]$ the best line leaves the squared bias

$$
\int_0^1\sin^2(2\pi x)\,dx-\frac{\operatorname{cov}(x,\sin2\pi x)^2}{\operatorname{var}(x)}=\frac12-\frac{1/4\pi^2}{1/12}=\frac12-\frac3{\pi^2}\approx0.2
$$ (eq-reg-line-bias)

for ever. Degree 5 is wrong too, a sine is no quintic, but by $10^4$ times less: until $n\approx30{,}000$ its bias is smaller than what its parameters cost. And "more data bring nothing, so the model is wrong" is a slip: it may have reached the noise, below which nothing improves.
"""

# %% tags=["checks"]
u = np.linspace(-1, 1, 20_001)
sine = np.sin(np.pi * (u + 1))
left_over = []
for degree in (1, 5):
    features = np.polynomial.legendre.legvander(u, degree)
    fit = features @ np.linalg.lstsq(features, sine, rcond=None)[0]
    left_over.append(np.mean((fit - sine) ** 2))
verify("squared bias of the best line", left_over[0], 0.5 - 3 / np.pi**2, rtol=1e-3)
rng, n, gaps = np.random.default_rng(19), 1000, []
for _ in range(200):
    x = rng.uniform(0, 1, n)
    c = poly_fit(x, np.sin(2 * np.pi * x) + 0.3 * rng.normal(size=n), 5)
    gaps.append(np.mean((powers((u[::20] + 1) / 2, 5) @ c - sine[::20]) ** 2))
verify_within_se(
    "degree 5, a thousand points: excess is bias² + σ²p/n",
    gaps,
    left_over[1] + 0.09 * 6 / n,
)
verify(
    "the n at which its bias costs as much as its parameters",
    0.09 * 6 / left_over[1],
    3e4,
    rtol=0.05,
)

# %% [markdown]
r"""
(limits-of-polynomial-regression)=
### Why not polynomials for everything?

Global powers extrapolate badly. Their number is $\binom{n+k}k$ for degree $k$ in $n$ variables: for the 64 pixels of a small digit 2,145 features of degree two, 47,905 of degree three. Nothing in between is *learned*, and a belief such as "neighbouring pixels belong together" is hard to express. But they are not tied to the squared loss: any loss takes polynomial features (only the closed form goes), and ridge regularises them with a closed form.
"""

# %% tags=["checks"]
from sklearn.preprocessing import PolynomialFeatures

numbers = [
    PolynomialFeatures(k).fit(np.zeros((1, 64))).n_output_features_ for k in (2, 3)
]
verify(
    "features of degree at most 2 and 3 in 64 pixels",
    numbers,
    [math.comb(66, 2), math.comb(67, 3)],
)
rng = np.random.default_rng(20)
plane = rng.normal(size=(1000, 2))
outside = (plane**2).sum(1) > 1.4  # no line separates a disc from its surroundings
squares = PolynomialFeatures(2).fit_transform(plane)
coin_model = linear_model.LogisticRegression(C=100)
share = [
    coin_model.fit(A[:700], outside[:700]).score(A[700:], outside[700:])
    for A in (plane, squares)
]
verify_at_least(
    "a disc: what squares add to a logistic regression's accuracy",
    share[1] - share[0],
    0.3,
)
beyond_x = np.array([2.0])
far_off = []
for seed in range(50):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, 30)
    c = poly_fit(x, cosine(x) + 0.2 * rng.normal(size=30), 4)
    far_off.append(abs(powers(beyond_x, 4) @ c - cosine(beyond_x))[0])
verify_at_least(
    "degree 4, good on [0, 1]: median error at x = 2", np.median(far_off), 5
)

# %% [markdown]
r"""
(mse-saturates-for-classification)=
### Why not the squared error of the probability?

For $\frac12(\hat y-y)^2$ the chain ends one factor earlier, and nothing cancels,

$$
\frac{d}{dz}\tfrac12(\sigma(z)-y)^2=(\hat y-y)\,\hat y(1-\hat y).
$$ (eq-reg-mse-slope)

For a unit that is confidently wrong, say $z=-10$ and $y=1$, the factor $\hat y$ is $5\cdot10^{-5}$: *the worse the mistake, the weaker the correction*. Cross-entropy pulls with nearly $1$. Start a classifier with one weight the wrong way round, at $w=-10$, and count the steps until all 200 points are on the right side:
"""

# %% tags=["set-up"]
gauss = np.random.default_rng(29).normal(size=200)
x_far = np.sign(gauss) * (abs(gauss) + 1)  # nobody within 1 of the boundary
y_far = (x_far > 0).astype(float)


def steps_until_right(slope_in_score, eta, limit=5000):
    w = -10.0  # setting
    for step in range(limit):
        if w > 0:
            return step
        w -= eta * np.mean(slope_in_score(sigmoid(w * x_far)) * x_far)
    return math.inf


slopes_in_score = {
    "cross-entropy": lambda p: p - y_far,
    "squared error": lambda p: (p - y_far) * p * (1 - p),
}
rates = [0.1, 1, 10, 100, 1000, 10_000, 100_000]
steps_needed = {
    name: [steps_until_right(slope, eta) for eta in rates]
    for name, slope in slopes_in_score.items()
}
print(f"{'learning rate':16}" + "".join(f"{eta:>9g}" for eta in rates))
for name, row in steps_needed.items():
    print(f"{name:16}" + "".join(f"{'> 5000' if s == math.inf else s:>9}" for s in row))

# %% [markdown]
r"""
To keep up, the squared error needs a rate forty-four thousand times larger. But a unit that is *not* saturated, at $w=-0.5$, is thrown by one step at that rate beyond $w=1{,}000$, where every slope is dead. No rate suits both. The coin's likelihood does not have that trouble.
"""

# %% tags=["checks"]
verify(
    "cross-entropy at the rate 0.1: every point pulls with nearly its full |x|",
    steps_needed["cross-entropy"][0],
    10 / (0.1 * abs(x_far).mean()),
    rtol=0.1,
)
way_of = {  # ∫ dw / slope from −10 to 0: steps times rate, for small rates
    name: integrate.quad(
        lambda w: -1 / np.mean(slope(special.expit(w * x_far)) * x_far), -10, 0
    )[0]
    for name, slope in slopes_in_score.items()
}
verify(
    "steps times rate of cross-entropy at 0.1, of the squared error at 100 and 1,000",
    [
        0.1 * steps_needed["cross-entropy"][0],
        *(rates[k] * steps_needed["squared error"][k] for k in (3, 4)),
    ],
    [way_of["cross-entropy"], *[way_of["squared error"]] * 2],
    rtol=0.02,
)
times = way_of["squared error"] / way_of["cross-entropy"]
verify(
    "how many times as fast it must go: by the table, by the integrals",
    rates[3]
    * steps_needed["squared error"][3]
    / (0.1 * steps_needed["cross-entropy"][0]),
    times,
    rtol=0.02,
)
landed = {
    name: -0.5 - rate * np.mean(slopes_in_score[name](sigmoid(-0.5 * x_far)) * x_far)
    for name, rate in (("cross-entropy", 0.1), ("squared error", 0.1 * times))
}
verify_at_least(
    "from w = −0.5, one step at that rate: how far the squared error's goes",
    landed["squared error"],
    1000,
)
verify_at_most("and cross-entropy's", abs(landed["cross-entropy"]), 1)
score = torch.tensor([-10.0, -2.0, 3.0], requires_grad=True)
(0.5 * (torch.sigmoid(score) - 1) ** 2).sum().backward()
p = special.expit([-10.0, -2.0, 3.0])
verify(
    "slope of the squared error in the score",
    (p - 1) * p * (1 - p),
    score.grad,
    atol=1e-12,
)

# %% [markdown]
r"""
(sigmoid-mse-nonconvex)=
### Squared error of a sigmoid is not convex

For $y=1$ differentiate twice with [the slope of the sigmoid](#sigmoid-derivative), $\sigma'=\sigma(1-\sigma)$:

$$
\begin{aligned}
\frac{d}{dz}(1-\sigma)^2&=-2\sigma(1-\sigma)^2\\
\frac{d^2}{dz^2}(1-\sigma)^2&=-2\bigl[(1-\sigma)^2-2\sigma(1-\sigma)\bigr]\sigma(1-\sigma)=2\sigma(1-\sigma)^2(3\sigma-1),
\end{aligned}
$$ (eq-reg-nonconvex)

negative for $\sigma<\frac13$, that is $z<-\ln2$. Setting the derivative of $s(1-s)^2(3s-1)$ to zero, $(1-s)(-12s^2+9s-1)=0$, the deepest curvature is at $s=\frac{9-\sqrt{33}}{24}$.
"""

# %% tags=["checks"]
z = np.linspace(-8, 8, 16_001)
bent = np.diff((1 - special.expit(z)) ** 2, 2) / (z[1] - z[0]) ** 2
verify(
    "where its curvature changes sign", z[1:-1][bent < 0].max(), -np.log(2), atol=2e-3
)
deepest = (9 - math.sqrt(33)) / 24
verify(
    "its most negative curvature",
    bent.min(),
    2 * deepest * (1 - deepest) ** 2 * (3 * deepest - 1),
    rtol=1e-4,
)

# %% [markdown]
r"""
(hinge-loss)=
### Hinge loss and the support vector machine

$\frac1n\sum_i\max(0,1-y_i\hat y_i)$ for labels $\pm1$ and real scores: beyond margin 1 a point has no influence at all. With a ridge it is the *support vector machine* {cite:p}`cortes1995`. It has a kink, so descent uses a slope on one side of it: $-y_ix_i$ for the points inside the margin, zero for the others. At the minimum the weight vector is carried by the points at or inside the margin, the *support vectors*.
"""

# %% tags=["checks"]
from sklearn.svm import LinearSVC

rng = np.random.default_rng(34)
blob_y = np.repeat([-1.0, 1.0], 50)
blobs = rng.normal(0, 0.6, (100, 2)) + blob_y[:, None] * [2.0, 1.0]
w, kept, lam = np.zeros(2), [], 0.1
for t in range(6000):
    inside = blob_y * (blobs @ w) < 1
    w = w - (lam * w - (blob_y * inside) @ blobs / 100) / (lam * (t + 100))
    kept.append(w)
machine = LinearSVC(
    loss="hinge", C=1 / (lam * 100), fit_intercept=False, tol=1e-8, max_iter=1_000_000
)
verify(
    "hinge and ridge by subgradients, against scikit-learn",
    np.mean(kept[3000:], axis=0),
    machine.fit(blobs, blob_y).coef_[0],
    atol=0.01,
)
support = blob_y * (blobs @ machine.coef_[0]) < 1.02
again = LinearSVC(
    loss="hinge", C=1 / (lam * 100), fit_intercept=False, tol=1e-8, max_iter=1_000_000
)
again.fit(blobs[support], blob_y[support])
verify(
    "without all the other points: the same machine",
    again.coef_,
    machine.coef_,
    atol=1e-4,
)
verify_at_most("share of points it needed", support.mean(), 0.5)
