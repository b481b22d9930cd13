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

# %%
import matplotlib.pyplot as plt
import numpy as np
import sympy as sp
import torch
from scipy import linalg, optimize, special, stats
from sklearn import linear_model, metrics, preprocessing
from torch.nn import functional as F

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
torch.set_default_dtype(torch.float64)


# %% mystnb={"image": {"alt": "Labels plus and minus one over x. The line fitted to 200 points near the origin cuts at zero; with 100 further points at x = 20 the refitted line is flatter and cuts at 0.8, inside the upper class; the second panel is a close-up."}}
rng = np.random.default_rng(0)
near = np.r_[rng.normal(-1, 0.3, 100), rng.normal(1, 0.3, 100)]
near_y = np.repeat([-1.0, 1.0], 100)
crowd = np.r_[near, rng.normal(20, 0.3, 100)]  # the same points and 100 more
crowd_y = np.r_[near_y, np.ones(100)]

fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.2), sharey=True)
for ax, end in zip(axes, (21.5, 2.2)):
    ax.plot(crowd, crowd_y, "k.", ms=4, alpha=0.5)
    for points, labels, colour in (
        (near, near_y, plot.BLUE),
        (crowd, crowd_y, plot.RED),
    ):
        a, b = np.polyfit(points, labels, 1)
        ax.axline(
            (0, b),
            slope=a,
            color=colour,
            label=f"{len(points)} points: cut at {-b / a:.2f}",
        )
        ax.plot(-b / a, 0, "o", color=colour, mfc="white", zorder=3)
    ax.set(ylim=(-1.4, 1.6), xlim=(-2.2, end), xlabel="$x$")
axes[0].set_ylabel("label")
axes[0].legend(loc="lower right")
axes[1].set_title("the same, closer")
plt.show()

# %%
# The cut that the moments of the three groups predict: b + a x = 0.
slope = (22 / 3 - 20 / 9) / (402.27 / 3 - 400 / 9)
verify(
    "cut of the line fitted to 300 points", -b / a, 20 / 3 - (1 / 3) / slope, atol=0.05
)
verify(
    "share classified correctly after adding easy points",
    np.mean(np.sign(a * crowd + b) == crowd_y),
    0.908,
    atol=0.03,
)
verify(
    "share of the 200 points classified correctly before",
    np.mean(near * near_y > 0),
    1.0,
    atol=0.001,
)

# %% [markdown]
r"""
A hundred easy points, and one point in twelve is now wrong. No programming error is to blame: the line does exactly what its loss asks for. A *loss* is a question put to the data, and this was the wrong question. By the end of this chapter you will be able to

- **derive** least squares by calculus, by geometry and by likelihood, and **solve** it in five ways,
- **measure** bias and variance, and **recognise** under- and overfitting from two numbers,
- **shrink** with ridge and **select** with lasso, and say why only one of them makes exact zeros,
- **derive** the gradient of logistic and softmax regression step by step and train both by Newton's method,
- **say** how close to perfect a classifier can come, and how fast it gets there.

It builds on [gradients and convexity](#gradient-descent-chapter) and on a little probability. All cells together run in about half a minute on one core.
"""

# %% [markdown]
r"""
(linear-regression)=
## A line through points

The oldest model there is: the answer $y_i$ is a weighted sum of the *regressors* $x_i\in\mathbb R^d$, up to noise,

$$
y_i=x_i^\top w+b+\varepsilon_i,\qquad i=1,\dots,n,
$$ (eq-reg-model)

with the *same* parameters $\theta=(w,b)$ for all points. To fit it is to choose $\theta$; to predict is to insert a new $x$. We start with one regressor, slope $a$ and intercept $b$, and data from $y=2x-1$ with noise of standard deviation $0.5$.

(loss-function)=
### How bad is a line?

:::{prf:definition} Loss function
:label: def-reg-loss
A *pointwise loss* is a function $\ell:\mathcal Y\times\mathcal Y\to\mathbb R_{\ge0}$ with $\ell(y,y)=0$ and $\ell(y^*,y)>0$ for every wrong prediction $y\ne y^*$. Summed or averaged over the data it becomes one number $\ell(\theta)$ that says how badly $f_\theta$ explains them, and *training* is $\theta^*\in\arg\min_\theta\ell(\theta)$.
:::

Every pair $(a,b)$ is a line on the left and a dot on the right. Find the bottom of the bowl.
"""

# %%
sigma, rng = 0.5, np.random.default_rng(1)
x = rng.uniform(-2, 2, 100)
y = 2 * x - 1 + sigma * rng.normal(size=100)
x20, y20 = x[:20], y[:20]


def loss(a, b, x=x20, y=y20):
    """Sum of squared errors of the line; a and b may be arrays of one shape."""
    a, b = np.asarray(a)[..., None], np.asarray(b)[..., None]
    return ((y - a * x - b) ** 2).sum(-1)


# %% tags=["hide-input"]
def line_and_dot(a, b):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
    left.vlines(x20, y20, a * x20 + b, color=plot.ORANGE, lw=1)
    left.plot(x20, y20, "k.", ms=5)
    left.plot([-2, 2], [b - 2 * a, b + 2 * a], color=plot.RED)
    left.set(xlabel="$x$", ylabel="$y$", ylim=(-6, 4), title=f"loss {loss(a, b):.1f}")
    plot.contours(right, loss, (-0.5, 4), (-3, 1.5), [6, 10, 20, 40, 70, 110, 160])
    right.plot(a, b, "o", color=plot.RED)
    right.set(xlabel="$a$", ylabel="$b$", title="parameters")
    return fig


explore(
    line_and_dot,
    alt="Left twenty points with a line and its vertical errors, right the loss as contour lines over slope a and intercept b with a dot at the line shown",
    a=[0.0, 1.0, 2.0, 3.0],
    b=[0.5, -1.0, -2.0],
)

# %%
pointwise = sum((yi - 1.5 * xi - 0.5) ** 2 for xi, yi in zip(x20, y20))
verify(
    "the loss of a line is the sum of its 20 single-point losses",
    loss(1.5, 0.5),
    pointwise,
    rtol=1e-12,
)

# %% [markdown]
r"""
The definition has two axioms. Put the losses that people use through both on a grid of answers and predictions:
"""

# %%
grid = np.linspace(-3, 3, 61)
target, guess = np.meshgrid(grid, grid)


def axioms(values, right):
    """(zero when right, positive when wrong)"""
    return bool(np.all(values[right] == 0)), bool(np.all(values[~right] > 0))


for name, values in {
    "squared": (target - guess) ** 2,
    "absolute": abs(target - guess),
    "0/1": (target != guess).astype(float),
}.items():
    verify(
        f"{name} loss: zero when right, positive when wrong",
        axioms(values, target == guess),
        (True, True),
    )
sign, score = np.meshgrid([-1.0, 1.0], grid)  # a label and a real score
verify(
    "hinge loss: zero when right, positive when the score is not the label",
    axioms(np.maximum(0, 1 - sign * score), sign == score),
    (True, False),
)
verify(
    "log loss of a right answer held with probability 0.7",
    metrics.log_loss([1], [[0.3, 0.7]], labels=[0, 1]),
    -np.log(0.7),
    rtol=1e-9,
)

# %% [markdown]
r"""
The hinge loss, which we [meet later](#hinge-loss), breaks the second axiom: it vanishes for a whole half-line of confident scores. The [log loss](#binary-cross-entropy-loss) takes a distribution as its second argument and charges a right answer that is not certain. Losses in practice generalise the definition: what they share is that smaller means better.

(loss-wrt-parameters-not-data)=
**What moves?** The points are given, the parameters are sought: $\nabla_\theta\ell$ is taken with all $(x_i,y_i)$ held fixed, and the sum runs over the entire data set. The same number can be differentiated in $x$, but that asks another question (how should the *data* change to be fitted worse?), the one of adversarial examples.
"""

# %%
theta = torch.tensor([1.5, 0.5], requires_grad=True)
tx, ty = torch.tensor(x20), torch.tensor(y20)
((ty - theta[0] * tx - theta[1]) ** 2).sum().backward()
rest = y20 - 1.5 * x20 - 0.5
verify(
    "the gradient in θ, one entry per parameter: −2Σxr and −2Σr with r = y − ax − b",
    theta.grad,
    [-2 * x20 @ rest, -2 * rest.sum()],
    rtol=1e-12,
)
verify("the data received no gradient", tx.grad is None, True)
moved = tx.clone().requires_grad_(True)
((ty - 1.5 * moved - 0.5) ** 2).sum().backward()
verify(
    "the gradient in x has one entry per point, −2a(y − ax − b)",
    moved.grad,
    -2 * 1.5 * rest,
    rtol=1e-12,
)

# %% [markdown]
r"""
### Squared errors

(squared-error-loss)=
The *squared error* of a prediction $y$ for the truth $y^*$ is $\ell(y^*,y)=\frac12\|y^*-y\|^2$; summed over the sample, its minimiser is called the *least-squares* (LSE) fit. The factor $\frac12$ makes the gradient in the prediction simply the error, $y-y^*$. The simplest prediction is one constant $c$ for everybody. Setting $\sum_i(c-y_i)=0$ gives the mean:
"""

# %%
numbers = np.random.default_rng(2).exponential(size=101)
prediction = torch.tensor(numbers, requires_grad=True)
truth = torch.linspace(-1, 1, 101)
(0.5 * ((truth - prediction) ** 2).sum()).backward()
verify(
    "gradient of ½‖y* − y‖² in y is y − y*",
    prediction.grad,
    numbers - truth.numpy(),
    atol=1e-12,
)
best = optimize.minimize_scalar(lambda c: 0.5 * ((c - numbers) ** 2).sum()).x
verify(
    "the best constant for 101 numbers is their mean", best, numbers.mean(), atol=1e-6
)

# %% [markdown]
r"""
(mean-squared-error)=
Dividing by $n$ gives the *mean squared error*

$$
\operatorname{MSE}(\theta)=\frac1n\sum_{i=1}^n\bigl(y_i-f_\theta(x_i)\bigr)^2,
$$ (eq-reg-mse)

whose scale does not depend on how many data there are. If $f_\theta$ is linear in $\theta$, as $ax+b$ is, minimising it is a *least-squares problem*. First, three libraries agree on the number:
"""

# %%
line_fit = 1.5 * x + 0.5
by_hand = sum((yi - fi) ** 2 for yi, fi in zip(y, line_fit)) / len(y)
verify(
    "MSE by loop, by scikit-learn and by torch",
    [
        metrics.mean_squared_error(y, line_fit),
        F.mse_loss(torch.tensor(line_fit), torch.tensor(y)).item(),
    ],
    [by_hand, by_hand],
    rtol=1e-12,
)

# %%
total = optimize.minimize(lambda p: ((y - p[0] * x - p[1]) ** 2).sum(), [0, 0])
mean = optimize.minimize(lambda p: ((y - p[0] * x - p[1]) ** 2).mean(), [0, 0])
verify("sum and mean have the same minimiser", total.x, mean.x, atol=1e-6)
verify(
    "minimum of the sum over minimum of the mean is n",
    total.fun / mean.fun,
    100.0,
    rtol=1e-8,
)
nudged = [
    ((y - p[0] * x - p[1]) ** 2).sum() - total.fun
    for p in total.x + 1e-3 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
]
verify_at_least("nudging a parameter by 0.001 raises the sum", nudged, 1e-5)

# %% [markdown]
r"""
:::{admonition} The mean's minimum is not the sum's minimum
:class: correction
**The notes say** that the minimum of the mean squared error equals the minimum of the summed squared error.

**Right is:** the two minima differ by the factor $n$; only the minimisers agree.
:::

The same three letters also judge an *estimator* $\hat\mu$ of a number $\mu$, and there the square splits. Put $m=\mathbb E\hat\mu$ and expand:

$$
\mathbb E(\hat\mu-\mu)^2=\mathbb E(\hat\mu-m)^2+(m-\mu)^2+2(m-\mu)\,\mathbb E(\hat\mu-m)
$$

and since the last expectation is zero,

$$
\mathbb E(\hat\mu-\mu)^2=\underbrace{(m-\mu)^2}_{\text{bias}^2}+\underbrace{\operatorname{Var}\hat\mu}_{\text{variance}}.
$$ (eq-reg-estimator)

This is why a biased estimator may win: shrink the mean of five numbers from $\mathcal N(1,1)$ to $c\,\bar x$, and $\operatorname{MSE}=(1-c)^2+c^2/5$ is smallest not at $c=1$ but at $c=\frac56$.
"""

# %%
means = np.random.default_rng(3).normal(1, 1, (10_000, 5)).mean(1)
for c in (1.0, 5 / 6, 0.5):
    errors = (c * means - 1) ** 2
    verify_within_se(
        f"mean shrunk by {c:.2f}: measured MSE is (1 − c)² + c²/5",
        errors,
        (1 - c) ** 2 + c**2 / 5,
    )
    verify(
        f"mean shrunk by {c:.2f}: MSE splits into bias² and variance of the sample",
        errors.mean(),
        (c * means.mean() - 1) ** 2 + (c * means).var(),
        atol=1e-10,
    )

# %% [markdown]
r"""
(regression-two-parameter-normal-equations)=
### Two equations for two unknowns

At the bottom of the bowl both slopes are zero. Differentiate $\ell(a,b)=\sum_i(y_i-ax_i-b)^2$ term by term; the inner derivatives are $-x_i$ and $-1$:

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

The Hessian $2\begin{pmatrix}\sum x_i^2&\sum x_i\\\sum x_i&n\end{pmatrix}$ has the determinant $4n^2\operatorname{var}(x)>0$ as soon as two $x_i$ differ: the loss is [convex](#convex-function) and this is its only minimum.
"""


# %%
def two_slopes(a, b):
    return np.array(
        [
            (2 * a * x**2 - 2 * x * y + 2 * b * x).sum(),
            (2 * b - 2 * y + 2 * a * x).sum(),
        ]
    )


theta = torch.tensor([0.7, -0.2], requires_grad=True)
((torch.tensor(y) - theta[0] * torch.tensor(x) - theta[1]) ** 2).sum().backward()
verify(
    "both partial derivatives, against autograd",
    two_slopes(0.7, -0.2),
    theta.grad,
    rtol=1e-10,
)

a_hat = np.cov(x, y, bias=True)[0, 1] / np.var(x)
b_hat = y.mean() - a_hat * x.mean()
system = np.array([[(x**2).sum(), x.sum()], [x.sum(), len(x)]])
verify(
    "covariance over variance solves the 2 × 2 system",
    np.linalg.solve(system, [(x * y).sum(), y.sum()]),
    [a_hat, b_hat],
    rtol=1e-12,
)
verify(
    "covariance over variance is np.polyfit's line",
    np.polyfit(x, y, 1),
    [a_hat, b_hat],
    rtol=1e-12,
)
verify_at_least("Hessian eigenvalues", np.linalg.eigvalsh(2 * system), 1.0)
residual = y - a_hat * x - b_hat
verify(
    "residuals are orthogonal to x and to 1",
    [residual @ x, residual.sum()],
    [0.0, 0.0],
    atol=1e-10,
)

# %% [markdown]
r"""
How good is the answer? Insert $y_i=2x_i-1+\varepsilon_i$ into [the formula](#eq-reg-line): $\hat a=2+\sum_i(x_i-\bar x)\varepsilon_i\big/\sum_i(x_i-\bar x)^2$. The noise has mean zero, so $\hat a$ is *unbiased*; the variances add, so

$$
\operatorname{se}(\hat a)=\frac\sigma{\sqrt{\sum_i(x_i-\bar x)^2}} .
$$ (eq-reg-se)

Our single data set should lie within three of those, and 2000 data sets with fresh noise (their inputs moved to the right by three, to see whether that matters) should scatter by exactly that much.
"""

# %%
se_a = sigma / np.sqrt(((x - x.mean()) ** 2).sum())
se_b = sigma * np.sqrt(np.mean(x**2) / ((x - x.mean()) ** 2).sum())
verify_at_most(
    "slope and intercept: distance from the truth in standard errors",
    [abs(a_hat - 2) / se_a, abs(b_hat + 1) / se_b],
    3.0,
)
far = x + 3
fresh = 2 * far - 1 + sigma * np.random.default_rng(4).normal(size=(2000, 100))
slopes = np.polyfit(far, fresh.T, 1)[0]
se_a = sigma / np.sqrt(((far - far.mean()) ** 2).sum())
verify_within_se("the slope is unbiased: mean of 2000 estimates", slopes, 2.0)
verify(
    "standard deviation of 2000 estimated slopes is σ/√Σ(x − x̄)²",
    slopes.std(ddof=1),
    se_a,
    rtol=0.05,
)

# %% [markdown]
r"""
Only the spread of the inputs counts, not where they lie. The formula is also advice: to measure a slope, put the $x_i$ far apart.
"""

# %% [markdown]
r"""
## Least squares is a projection

(design-matrix-form)=
Many regressors need a better notation. Write one example in each row of the *design matrix* $X$, and a column of ones for the intercept. For the line, $X$ has the rows $(x_i,1)$ and $\theta=(a,b)^\top$; then all $n$ predictions at once are

$$
\hat y=X\theta .
$$ (eq-reg-design)

The map is linear in the *parameters*, though affine in $x$. Frameworks keep the bias apart, $\hat y=ax+b\mathbf 1$; drop it and the line must pass through the origin.
"""

# %%
X = np.c_[x, np.ones(100)]  # (100, 2)
verify(
    "X θ is a x + b 1", X @ [a_hat, b_hat], a_hat * x + b_hat, rtol=1e-14, atol=1e-15
)
layer = torch.nn.Linear(1, 1).requires_grad_(False)
layer.weight[:], layer.bias[:] = a_hat, b_hat
verify(
    "torch's linear layer with the same weights is X θ",
    layer(torch.tensor(x)[:, None])[:, 0],
    X @ [a_hat, b_hat],
    rtol=1e-12,
    atol=1e-14,
)
through_origin = y - x * (x @ y) / (x @ x)
verify_at_least(
    "residual without the column of ones, over that with it",
    (through_origin**2).sum() / (residual**2).sum(),
    3.0,
)

# %% [markdown]
r"""
(derivatives-of-linear-and-quadratic-forms)=
### Differentiating without indices

To set slopes to zero we need gradients of expressions with matrices. All follow from one computation. In $x^\top Ax=\sum_{ij}A_{ij}x_ix_j$ only the terms with $i=k$ or $j=k$ know $x_k$:

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

The last line is the product rule and contains the others. Each line goes through autograd and through central differences, with rectangular matrices so that a forgotten transpose cannot hide.
"""

# %%
rng = np.random.default_rng(5)
v, a4, b3, e5 = (
    rng.normal(size=4),
    rng.normal(size=4),
    rng.normal(size=3),
    rng.normal(size=5),
)
A, C, D = rng.normal(size=(3, 4)), rng.normal(size=(3, 5)), rng.normal(size=(5, 4))
S = rng.normal(size=(4, 4))
as_torch = lambda *arrays: [torch.tensor(a) for a in arrays]
forms = {  # the function, and its gradient as the table says
    "aᵀx": (lambda x, a, b, e, A, C, D, S: a @ x, a4),
    "xᵀx": (lambda x, a, b, e, A, C, D, S: x @ x, 2 * v),
    "bᵀAx": (lambda x, a, b, e, A, C, D, S: b @ (A @ x), A.T @ b3),
    "xᵀAx": (lambda x, a, b, e, A, C, D, S: x @ (S @ x), (S + S.T) @ v),
    "(Ax+b)ᵀC(Dx+e)": (
        lambda x, a, b, e, A, C, D, S: (A @ x + b) @ (C @ (D @ x + e)),
        D.T @ C.T @ (A @ v + b3) + A.T @ C @ (D @ v + e5),
    ),
}

# %%
given = (a4, b3, e5, A, C, D, S)
for name, (form, claimed) in forms.items():
    tv = torch.tensor(v, requires_grad=True)
    form(tv, *as_torch(*given)).backward()
    verify(f"∇({name}) by autograd", tv.grad, claimed, atol=1e-10)
    steps = 1e-5 * np.eye(4)
    verify(
        f"∇({name}) by central differences",
        np.array([(form(v + h, *given) - form(v - h, *given)) / 2e-5 for h in steps]),
        claimed,
        atol=1e-8,
    )

# %%
symbols = sp.Matrix(sp.symbols("x1:4"))
M3 = sp.Matrix(3, 3, sp.symbols("a1:10"))
by_algebra = sp.Matrix([sp.diff((symbols.T * M3 * symbols)[0], s) for s in symbols])
verify(
    "(A + Aᵀ)x by algebra, n = 3: difference",
    str(sp.simplify(by_algebra - (M3 + M3.T) * symbols).T),
    "Matrix([[0, 0, 0]])",
)
verify_at_least(
    "2Ax for a matrix that is not symmetric is wrong by",
    abs(2 * S @ v - (S + S.T) @ v).max(),
    0.1,
)

# %% [markdown]
r"""
(normal-equations)=
### The normal equations

Expand the loss, using that the number $y^\top X\theta$ equals its transpose, and differentiate with the table ($X^\top X$ is symmetric):

$$
\begin{aligned}
\|y-X\theta\|^2&=y^\top y-2\,y^\top X\theta+\theta^\top X^\top X\theta\\
\nabla_\theta\|y-X\theta\|^2&=-2X^\top y+2X^\top X\theta=2X^\top(X\theta-y)
\end{aligned}
$$ (eq-reg-gradient)

:::{prf:theorem} Normal equations
:label: thm-reg-normal
$\hat\theta$ minimises $\|y-X\theta\|^2$ if and only if $X^\top X\hat\theta=X^\top y$. If the columns of $X$ are independent there is exactly one, $\hat\theta=(X^\top X)^{-1}X^\top y$. The residual $y-X\hat\theta$ is orthogonal to every column of $X$, so $X\hat\theta$ is the orthogonal projection of $y$ on $\operatorname{im}X$; it equals $y$ if and only if $y\in\operatorname{im}X$.
:::

:::{prf:proof}
$X^\top(y-X\hat\theta)=0$ says that the residual $r$ is orthogonal to the columns. Then for any other $\theta$ Pythagoras gives $\|y-X\theta\|^2=\|r\|^2+\|X(\hat\theta-\theta)\|^2\ge\|r\|^2$, with equality only if $X(\hat\theta-\theta)=0$, which independent columns allow only for $\theta=\hat\theta$. They also make $X^\top X$ invertible: $X^\top Xv=0$ implies $\|Xv\|^2=v^\top X^\top Xv=0$, so $v=0$.
:::

The smallest example is a plane with a line in it: $X=(1,1)^\top$, $y=(0,1)^\top$. No multiple of $X$ is $y$; the nearest one is the foot of the perpendicular.
"""

# %% mystnb={"image": {"alt": "In the plane, the line spanned by (1,1), the point y = (0,1) beside it, and the perpendicular from y to its projection (0.5, 0.5) on the line."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3.2))
ax.plot([-0.4, 1.3], [-0.4, 1.3], color=plot.GREY, label="all $X\\theta$")
arrow = dict(angles="xy", scale_units="xy", scale=1, width=0.008, zorder=3)
ax.quiver(0, 0, 0, 1, color="black", **arrow)
ax.quiver(0, 0, 0.5, 0.5, color=plot.BLUE, **arrow)
ax.plot([0, 0.5], [1, 0.5], "--", color=plot.RED, label="residual")
ax.text(-0.12, 0.95, "$y$")
ax.text(0.55, 0.42, r"$X\hat\theta$", color=plot.BLUE)
ax.set(
    aspect="equal",
    xlim=(-0.9, 1.9),
    ylim=(-0.2, 1.2),
    xlabel="first coordinate",
    ylabel="second coordinate",
)
ax.legend(loc="lower right")
plt.show()

# %%
thin, aim = np.array([[1.0], [1.0]]), np.array([0.0, 1.0])
half = np.linalg.solve(thin.T @ thin, thin.T @ aim)
verify("the normal equations of that picture have the solution ½", half, [0.5])
verify_at_least(
    "θ = ½ does not solve Xθ = y: the distance that remains is 1/√2",
    np.linalg.norm(thin @ half - aim),
    0.7,
)

# %% [markdown]
r"""
:::{admonition} Multiplying by the transpose can lose the question
:class: correction
**The notes say** that $Ax=b$ and $A^\top Ax=A^\top b$ are equivalent.

**Right is:** only the first implies the second. For $A=(1,1)^\top$, $b=(0,1)^\top$ the second has the solution $\frac12$, the first, as just seen, has none. They are equivalent if $b\in\operatorname{im}A$.
:::
"""

# %%
consistent = thin @ [3.0]
verify(
    "if y lies in the image, the normal equations solve Xθ = y",
    thin @ np.linalg.solve(thin.T @ thin, thin.T @ consistent),
    consistent,
)

# %% [markdown]
r"""
### Five roads to one point

There are several ways to compute $\hat\theta$. *Gradient*: walk down along [the gradient](#eq-reg-gradient). *Normal equations*: solve the theorem's system. *QR*: write $X=QR$ with orthonormal columns in $Q$ and triangular $R$; then $X^\top X\theta=X^\top y$ reads $R^\top R\theta=R^\top Q^\top y$, and cancelling $R^\top$ leaves the triangular system

$$
R\,\hat\theta=Q^\top y .
$$ (eq-reg-qr)

*SVD*: with $X=U\Sigma V^\top$ the same cancellation gives

$$
\hat\theta=V\Sigma^{-1}U^\top y,
$$ (eq-reg-svd)

one division per singular direction. *Projection*: $\hat y=QQ^\top y$ needs no $\theta$ at all.
"""

# %%
rng = np.random.default_rng(6)
X5, theta0 = rng.normal(size=(200, 5)), rng.normal(size=5)
y5 = X5 @ theta0 + rng.normal(size=200)
Q, R = np.linalg.qr(X5)
U, s, Vt = np.linalg.svd(X5, full_matrices=False)
walk = np.zeros(5)
for _ in range(200):
    walk = walk - X5.T @ (X5 @ walk - y5) / s[0] ** 2
roads = {
    "gradient descent": walk,
    "normal equations": np.linalg.solve(X5.T @ X5, X5.T @ y5),
    "QR": linalg.solve_triangular(R, Q.T @ y5),
    "SVD": Vt.T @ (U.T @ y5 / s),
}

# %%
theirs = linear_model.LinearRegression(fit_intercept=False).fit(X5, y5).coef_
for name, theta in roads.items():
    verify(f"least squares by {name}, against scikit-learn", theta, theirs, atol=1e-8)
r5 = y5 - X5 @ roads["QR"]
verify("QQᵀy is the fitted vector", Q @ (Q.T @ y5), X5 @ roads["SVD"], atol=1e-10)
verify("the residual is orthogonal to all columns", X5.T @ r5, np.zeros(5), atol=1e-10)
verify(
    "the squared length of the residual is about σ²(n − d)", r5 @ r5, 195.0, rtol=0.3
)
verify(
    "without noise the parameters are recovered",
    np.linalg.solve(X5.T @ X5, X5.T @ (X5 @ theta0)),
    theta0,
    atol=1e-9,
)

# %% [markdown]
r"""
On paper the roads are one; in floating point they are not. Forming $X^\top X$ *squares* the condition number, because its eigenvalues are the squared singular values. For the powers $1,x,\dots,x^{15}$ on $[-1,1]$ that is the difference between twelve correct digits and six.
"""

# %%
powers = np.vander(np.linspace(-1, 1, 100), 16)
known = np.random.default_rng(7).normal(size=16)
exact = powers @ known
Qv, Rv = np.linalg.qr(powers)
lost = {
    "(XᵀX)⁻¹Xᵀy": np.linalg.inv(powers.T @ powers) @ (powers.T @ exact),
    "QR": linalg.solve_triangular(Rv, Qv.T @ exact),
}
lost = {name: abs(theta - known).max() for name, theta in lost.items()}
verify_at_least(
    "degree 15: error of the inverse formula over that of QR",
    lost["(XᵀX)⁻¹Xᵀy"] / lost["QR"],
    100.0,
)
verify_at_most("degree 15: error of QR", lost["QR"], 1e-10)
verify(
    "degree 12: XᵀX has the squared condition number",
    np.linalg.cond(powers[:, 3:].T @ powers[:, 3:]),
    np.linalg.cond(powers[:, 3:]) ** 2,
    rtol=0.01,
)

# %% [markdown]
r"""
And if the columns are dependent? Then $X^\top X$ is singular and whole lines of parameters fit equally well. The SVD, skipping the zero singular values, picks the shortest: this is the *pseudo-inverse*.
"""

# %%
twin = np.c_[X5, X5[:, 0]]  # the first column twice
shortest = np.linalg.pinv(twin) @ y5
verify("a duplicated column: rank 5 of 6", int(np.linalg.matrix_rank(twin)), 5)
verify(
    "a duplicated column leaves the fit the same",
    twin @ shortest,
    X5 @ roads["QR"],
    atol=1e-10,
)
verify(
    "the pseudo-inverse shares the weight equally between twin columns",
    shortest[[0, 5]],
    np.full(2, roads["QR"][0] / 2),
    atol=1e-10,
)
other = shortest + 0.1 * np.array([1, 0, 0, 0, 0, -1])
verify_at_least(
    "another exact minimiser is longer: excess of its squared length",
    other @ other - shortest @ shortest,
    0.0199,
)

# %% [markdown]
r"""
Real data, once: 342 diabetes patients, ten measurements each, the progression after a year.
"""

# %%
patients = data.diabetes()
Xd, yd = patients.X_train, patients.y_train
ones = np.c_[Xd, np.ones(len(yd))]
theta = np.linalg.solve(ones.T @ ones, ones.T @ yd)
judge = linear_model.LinearRegression().fit(Xd, yd)
verify(
    "diabetes: closed form and scikit-learn",
    theta,
    np.r_[judge.coef_, judge.intercept_],
    atol=1e-8,
)
verify(
    "diabetes: residuals are orthogonal to all features and to 1",
    ones.T @ (yd - ones @ theta),
    np.zeros(11),
    atol=1e-8,
)

# %% [markdown]
r"""
(multi-output-linear-regression)=
**Several answers at once.** For $y_i=Ax_i+b$ with $y_i\in\mathbb R^d$ and a matrix $A$, stack the answers as rows of $Y$ and put $\tilde X=[X\ \mathbf 1]$, $\Theta=\begin{pmatrix}A^\top\\b^\top\end{pmatrix}$. The loss is a sum over the columns of $Y$, each of which has its own column of $\Theta$, so the problems *decouple* and

$$
\Theta=(\tilde X^\top\tilde X)^{-1}\tilde X^\top Y .
$$ (eq-reg-multi)
"""

# %%
rng = np.random.default_rng(8)
A_true, b_true = rng.normal(size=(3, 3)), rng.normal(size=3)
inputs = rng.normal(size=(200, 3))
Y = inputs @ A_true.T + b_true + 0.01 * rng.normal(size=(200, 3))
tilde = np.c_[inputs, np.ones(200)]
Theta = np.linalg.solve(tilde.T @ tilde, tilde.T @ Y)  # (4, 3)
verify("several outputs: A is recovered", Theta[:3].T, A_true, atol=0.01)
verify("several outputs: b is recovered", Theta[3], b_true, atol=0.01)
columns = [np.linalg.lstsq(tilde, column, rcond=None)[0] for column in Y.T]
verify(
    "one regression per output column gives the same",
    np.array(columns).T,
    Theta,
    atol=1e-10,
)
probe = torch.zeros(4, 3, requires_grad=True)
((torch.tensor(Y) - torch.tensor(tilde) @ probe) ** 2).sum().backward()
verify(
    "several outputs: the gradient has the shape of Θ", tuple(probe.grad.shape), (4, 3)
)
verify(
    "several outputs: the gradient at Θ = 0 is −2X̃ᵀY",
    probe.grad,
    -2 * tilde.T @ Y,
    rtol=1e-10,
)

# %% [markdown]
r"""
(one-linear-layer-network)=
**The smallest network.** One linear layer with the MSE loss *is* linear regression: convex, quadratic, closed form. Stack a second linear layer on top, $\hat y=w_2w_1x$, and the functions are the same, so is the least loss, but in the weights the loss is convex no more: with truth $y=x$, the pairs $(1,1)$ and $(-1,-1)$ are both perfect, and halfway between them lies $(0,0)$, which predicts nothing. Linear models live on as pieces of larger machines, but the closed form ends here.
"""

# %%
torch.manual_seed(0)
net = torch.nn.Linear(5, 1, bias=False)
sgd = torch.optim.SGD(net.parameters(), lr=0.2)
tX5, ty5 = torch.tensor(X5), torch.tensor(y5)[:, None]
for _ in range(200):
    sgd.zero_grad()
    F.mse_loss(net(tX5), ty5).backward()
    sgd.step()
verify(
    "a trained linear layer reaches the closed form",
    net.weight[0],
    roads["QR"],
    atol=1e-3,
)

two = lambda w1, w2: np.mean((x - w2 * w1 * x) ** 2)
verify(
    "two layers: loss at (1, 1) and at (−1, −1)", [two(1, 1), two(-1, -1)], [0.0, 0.0]
)
verify_at_least(
    "two layers: loss halfway between, which convexity would forbid", two(0, 0), 1.0
)
stacked = optimize.minimize(
    lambda w: np.mean((y5 - (X5 @ w[:5]) * w[5]) ** 2), np.full(6, 0.5)
)
verify(
    "two layers reach the same least loss as one",
    stacked.fun,
    np.mean(r5**2),
    rtol=1e-6,
)

# %% [markdown]
r"""
## What does a loss ask for?

(absolute-error-loss)=
### The median's loss

Charge the distance instead of its square, $L=\sum_i\lvert y_i-f(x_i)\rvert$ (least absolute deviations, LAD or MAE). For a constant $c$ the slope of $\sum_i\lvert y_i-c\rvert$ is the number of points below $c$ minus the number above. It vanishes when the two are equal: at the *median*. An outlier counts as one point, however far away it is.
"""

# %%
numbers = np.random.default_rng(9).normal(size=101)
best = optimize.minimize_scalar(
    lambda c: abs(numbers - c).sum(),
    bounds=(-3, 3),
    method="bounded",
    options={"xatol": 1e-9},
).x
verify(
    "the best constant for absolute errors is the median",
    best,
    np.median(numbers),
    atol=1e-6,
)
spoiled = np.r_[numbers, 1000.0]
verify_at_least(
    "one outlier of 1000 moves the mean by", spoiled.mean() - numbers.mean(), 9.0
)
verify_at_most(
    "one outlier of 1000 moves the median by",
    abs(np.median(spoiled) - np.median(numbers)),
    0.1,
)

# %% [markdown]
r"""
For a line, least absolute deviations are a linear program: minimise $\sum_it_i$ subject to $-t_i\le y_i-ax_i-b\le t_i$. Pull one point up and watch which line follows.
"""


# %%
def lad_line(x, y):
    """(a, b) minimising the sum of absolute errors, by linear programming."""
    n, X = len(x), np.c_[x, np.ones(len(x))]
    return optimize.linprog(
        np.r_[0, 0, np.ones(n)],
        np.block([[X, -np.eye(n)], [-X, -np.eye(n)]]),
        np.r_[y, -y],
        bounds=[(None, None)] * 2 + [(0, None)] * n,
    ).x[:2]


# %% tags=["hide-input"]
def one_outlier(outlier):
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    spoiled = y20.copy()
    spoiled[x20.argmax()] = outlier
    ax.plot(x20, spoiled, "k.", ms=5)
    for (a, b), colour, name in (
        (np.polyfit(x20, spoiled, 1), plot.BLUE, "squared"),
        (lad_line(x20, spoiled), plot.RED, "absolute"),
    ):
        ax.plot(
            [-2, 2],
            [b - 2 * a, b + 2 * a],
            color=colour,
            label=f"{name}: slope {a:.2f}",
        )
    ax.set(xlabel="$x$", ylabel="$y$", ylim=(-10, 27))
    ax.legend(loc="upper left")
    return fig


explore(
    one_outlier,
    alt="Twenty points of a line, the last one an outlier; the least-squares line follows it, the line of least absolute deviations does not",
    outlier=[25.0, 18.0, 12.0, 7.0, 3.0, -2.0, -9.0],
)

# %%
spoiled = y20.copy()
spoiled[x20.argmax()] = 1000.0
verify(
    "absolute errors: slope with an outlier at 25 and at 1000 is the same",
    lad_line(x20, spoiled)[0],
    lad_line(x20, np.where(spoiled == 1000.0, 25.0, spoiled))[0],
    rtol=1e-6,
)
verify_at_least(
    "least squares: slope with an outlier at 1000", np.polyfit(x20, spoiled, 1)[0], 20.0
)

# %% [markdown]
r"""
(conditional-expectation-is-optimal)=
### The best of all functions

Why stop at lines? Suppose any function $f$ were allowed and the distribution of $(x,y)$ were known. Put $f^*(x)=\mathbb E[y\mid x]$ and expand the square around it:

$$
\mathbb E(y-f)^2=\mathbb E(y-f^*)^2+\mathbb E(f^*-f)^2+2\,\mathbb E\bigl[(y-f^*)(f^*-f)\bigr] .
$$

Given $x$, the factor $f^*-f$ is a constant and $y-f^*$ has mean zero, so the last term vanishes:

:::{prf:theorem} The conditional mean is optimal
:label: thm-reg-mean
Over all functions, $\mathbb E(y-f(x))^2$ is smallest for $f^*(x)=\mathbb E[y\mid x]$, and every other function pays the *excess risk* $\mathbb E(f-f^*)^2$ on top. For the absolute error the conditional median takes this place.
:::

The test: $x\in\{0,1,2\}$ and $y$ exponential with mean $x+1$, whose median is $\ln2$ times its mean. We minimise each loss freely for each $x$, by a search that knows neither mean nor median.
"""

# %%
rng = np.random.default_rng(10)
group = rng.integers(0, 3, 100_000)
wait = rng.exponential(group + 1.0)
for k in range(3):
    of_group = wait[group == k]
    l2, l1 = (
        optimize.minimize_scalar(
            lambda c: np.mean(abs(of_group - c) ** p),
            bounds=(0, 6),
            method="bounded",
            options={"xatol": 1e-8},
        ).x
        for p in (2, 1)
    )
    verify(
        f"x = {k}: squared error is smallest at the group's mean",
        l2,
        of_group.mean(),
        atol=1e-5,
    )
    verify(
        f"x = {k}: absolute error is smallest at ln 2 times the true mean",
        l1,
        np.log(2) * (k + 1),
        rtol=0.02,
    )
verify_within_se(
    "f = 2 everywhere: the excess risk is E(f − f*)² = 2/3",
    (wait - 2) ** 2 - (wait - (group + 1)) ** 2,
    2 / 3,
)

# %% [markdown]
r"""
(loss-as-functional)=
**A derivative with respect to a function.** The risk $R[f]$ eats a whole function. It is stationary at $f$ if the slope along *every* perturbation vanishes,

$$
\frac d{d\epsilon}R[f+\epsilon h]\Big|_{\epsilon=0}=0\qquad\text{for all }h;
$$ (eq-reg-variation)

this is the calculus of variations. As an example let $R$ also dislike steepness: $R[f]=\int(f-y)^2+\lambda\int f'^2$. Its slope along $h$ is

$$
2\int(f-y)h+2\lambda\int f'h'=2\int(f-y-\lambda f'')h+\text{boundary terms}
$$

by parts, and this can vanish for all $h$ only if $f-\lambda f''=y$, the *Euler–Lagrange equation*. On a grid of 50 points the minimisation is a least-squares problem that has never heard of it:
"""

# %%
m, lam = 50, 0.01
t = np.linspace(0, 1, m)
step = t[1] - t[0]
wiggly = np.sin(5 * t) + 0.3 * np.random.default_rng(11).normal(size=m)
diff = np.diff(np.eye(m), axis=0) / step  # (49, 50): f'
stack = np.r_[np.eye(m), np.sqrt(lam) * diff]
smooth = np.linalg.lstsq(stack, np.r_[wiggly, np.zeros(m - 1)], rcond=None)[0]

second = (smooth[2:] - 2 * smooth[1:-1] + smooth[:-2]) / step**2
verify(
    "the minimiser satisfies f − λf″ = y inside",
    smooth[1:-1] - lam * second,
    wiggly[1:-1],
    atol=1e-8,
)
risk = lambda f: ((f - wiggly) ** 2).sum() + lam * (np.diff(f) ** 2).sum() / step**2
bumps = np.random.default_rng(12).normal(size=(20, m))
verify(
    "the slope of the risk along 20 random perturbations",
    np.array(
        [(risk(smooth + 1e-2 * h) - risk(smooth - 1e-2 * h)) / 2e-2 for h in bumps]
    ),
    np.zeros(20),
    atol=1e-8,
)

# %% [markdown]
r"""
(gaussian-output-equals-squared-error)=
### Squared error is a Gaussian in disguise

Why squares at all? Suppose the model outputs not a number but a density, $p(y\mid x)=\mathcal N(F(x),\gamma^2I_m)$. Take minus the logarithm of the Gaussian density:

$$
-\log p(y\mid x)=\frac m2\log(2\pi\gamma^2)+\frac1{2\gamma^2}\|y-F(x)\|^2 .
$$ (eq-reg-gauss)

The first term does not know $F$. So maximum likelihood for $F$ *is* least squares, whatever $\gamma$; and setting the derivative in $\gamma^2$ to zero gives $\gamma^2$ = the mean squared residual per component.
"""

# %%
rng = np.random.default_rng(13)
F_x, answers, gamma = rng.normal(size=3), rng.normal(size=3), 0.7
nll = 1.5 * np.log(2 * np.pi * gamma**2) + ((answers - F_x) ** 2).sum() / (2 * gamma**2)
verify(
    "Gaussian −log p, against scipy's density",
    nll,
    -stats.multivariate_normal(F_x, gamma**2 * np.eye(3)).logpdf(answers),
    rtol=1e-12,
)
tF = torch.tensor(F_x, requires_grad=True)
gauss = torch.distributions.Normal(tF, gamma)
(-gauss.log_prob(torch.tensor(answers)).sum()).backward()
verify(
    "gradient of the Gaussian −log p in F is (F − y)/γ²",
    tF.grad,
    (F_x - answers) / gamma**2,
    rtol=1e-10,
)

residuals = rng.normal(size=(400, 3)) * 0.7
by_search = optimize.minimize_scalar(
    lambda log_g2: -stats.norm(0, np.exp(log_g2 / 2)).logpdf(residuals).sum()
).x
verify(
    "the likeliest γ² is the mean squared residual per component",
    np.exp(by_search),
    np.mean(residuals**2),
    rtol=1e-6,
)

# %% [markdown]
r"""
### Likelihood, cross-entropy and KL are one thing

The same holds for every distribution. Let $\hat p$ be the empirical distribution, which puts mass $1/n$ on each data point, and $p_\theta$ the model. Then the average negative log-likelihood is a cross-entropy, by grouping equal data points:

$$
-\frac1n\sum_{i=1}^n\log p_\theta(y_i)=-\sum_y\hat p(y)\log p_\theta(y)=:H(\hat p,p_\theta) .
$$ (eq-reg-ce)

Add and subtract $\sum\hat p\log\hat p$:

$$
H(\hat p,p_\theta)=\underbrace{-\sum_y\hat p\log\hat p}_{H(\hat p)}+\underbrace{\sum_y\hat p\log\frac{\hat p}{p_\theta}}_{\operatorname{KL}(\hat p\,\|\,p_\theta)} .
$$ (eq-reg-kl)

The entropy of the data does not depend on $\theta$. Maximising the likelihood, minimising the cross-entropy and minimising the Kullback–Leibler divergence therefore select *the same* $\theta$; only the zero of the scale differs. We fit the success probability of a binomial model to two hundred counts in all three ways.
"""

# %%
counts = np.random.default_rng(14).binomial(4, 0.3, 200)
p_hat = np.bincount(counts, minlength=5) / 200
thetas = np.linspace(0.01, 0.99, 9801)
models = stats.binom(4, thetas[:, None]).pmf(np.arange(5))  # (9801, 5)
likelihood = np.array([stats.binom(4, q).logpmf(counts).mean() for q in thetas[::100]])
cross = -(p_hat * np.log(models)).sum(1)
kl = stats.entropy(np.broadcast_to(p_hat, models.shape), models, axis=1)
verify(
    "mean negative log-likelihood is the cross-entropy",
    -likelihood,
    cross[::100],
    rtol=1e-10,
)
verify(
    "cross-entropy is entropy plus KL divergence",
    cross,
    stats.entropy(p_hat) + kl,
    rtol=1e-10,
)
verify(
    "cross-entropy and KL choose the same θ",
    thetas[cross.argmin()],
    thetas[kl.argmin()],
)
verify(
    "the likeliest θ of a binomial is the success rate of the data",
    thetas[kl.argmin()],
    counts.mean() / 4,
    atol=1e-4,
)

# %% [markdown]
r"""
Remember the dictionary: Gaussian noise gives the squared error, Laplace noise the absolute error, and coin flips will give the [logistic loss](#binary-cross-entropy-loss). Choosing a loss is choosing a belief about the noise.
"""

# %% [markdown]
r"""
## Bending the line

(polynomial-regression)=
### Linear in the parameters

A parabola is not a line, but it is a *linear combination* of $1$, $x$ and $x^2$. So

$$
y_i=b+\sum_{j=1}^ka_jx_i^j+\varepsilon_i
$$ (eq-reg-poly)

is linear regression with the features $1,x,\dots,x^k$: nonlinear in $x$, linear in its $k+1$ parameters. Its design matrix is the *Vandermonde matrix*, fixed and not learned, and everything above applies. Raise the degree on thirty noisy points of a cosine:
"""

# %%
truth = lambda x: np.cos(1.5 * np.pi * x)
grid = np.linspace(0, 1, 200)


def sample(rng, n=30, noise=0.2):
    x = rng.uniform(0, 1, n)
    return x, truth(x) + noise * rng.normal(size=n)


def poly_fit(x, y, degree):
    return np.linalg.lstsq(np.vander(x, degree + 1), y, rcond=None)[0]


x30, y30 = sample(np.random.default_rng(36))
cubic = poly_fit(x30, y30, 3)
verify("degree 3: parameters", len(cubic), 4)
verify(
    "degree 3: Vandermonde matrix and least squares give np.polyfit's coefficients",
    cubic,
    np.polyfit(x30, y30, 3),
    rtol=1e-8,
)

# %% tags=["hide-input"]
scan = np.arange(16)
fits = [poly_fit(x30, y30, k) for k in scan]
train_curve = [np.mean((np.polyval(c, x30) - y30) ** 2) for c in fits]
test_curve = [np.mean((np.polyval(c, grid) - truth(grid)) ** 2) for c in fits]


def degrees(degree):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
    left.plot(grid, truth(grid), ":", color=plot.GREY)
    left.plot(x30, y30, "k.", ms=4)
    left.plot(grid, np.polyval(fits[degree], grid), color=plot.RED)
    left.set(
        ylim=(-1.8, 1.8),
        xlabel="$x$",
        title=f"largest coefficient {abs(fits[degree]).max():.1e}",
    )
    right.semilogy(scan, train_curve, color=plot.BLUE, label="training")
    right.semilogy(scan, test_curve, color=plot.ORANGE, label="test (noise-free)")
    right.semilogy(
        [degree] * 2, [train_curve[degree], test_curve[degree]], "o", color=plot.RED
    )
    right.set(xlabel="degree", ylabel="mean squared error")
    right.legend()
    return fig


explore(
    degrees,
    alt="Left thirty noisy points of a cosine and a polynomial fit, right training error falling and test error first falling, then rising with the degree",
    degree=[1, 2, 3, 4, 6, 8, 10, 12, 15],
)

# %% [markdown]
r"""
We come back to the two curves. First: how many points does a degree need?

(polynomial-identifiability)=
:::{prf:theorem} Identifiability
:label: thm-reg-identifiable
The least-squares polynomial of degree $k$ is unique if and only if at least $k+1$ of the $x_i$ are distinct. With exactly $k+1$ distinct points it passes through all of them; with fewer there are infinitely many exact fits.
:::

:::{prf:proof}
Uniqueness fails exactly if $Xc=0$ for some $c\ne0$, that is, if a non-zero polynomial of degree at most $k$ vanishes at every $x_i$. With $k+1$ distinct zeros that is impossible; with fewer, $\prod_i(x-x_i)$ does it. A square invertible $X$ solves $Xc=y$ for every $y$.
:::
"""

# %%
for n in range(1, 7):
    verify(
        f"degree 3, {n} distinct points: rank of the Vandermonde matrix",
        int(np.linalg.matrix_rank(np.vander(np.linspace(0, 1, n), 4))),
        min(n, 4),
    )
verify(
    "ten copies of one point: rank",
    int(np.linalg.matrix_rank(np.vander(np.full(10, 0.3), 4))),
    1,
)
verify(
    "two different lines through the point (2, 1)",
    [np.polyval([1, -1], 2.0), np.polyval([0.5, 0], 2.0)],
    [1.0, 1.0],
)
through = poly_fit(x30[:4], y30[:4], 3)
verify(
    "degree 3 through four points interpolates",
    np.polyval(through, x30[:4]),
    y30[:4],
    atol=1e-9,
)

# %% [markdown]
r"""
(weierstrass-theorem)=
### Can polynomials do everything?

:::{prf:theorem} Weierstrass
:label: thm-reg-weierstrass
For every continuous $f$ on $[a,b]$ and every $\epsilon>0$ there is a polynomial $P$ with $\lvert f(x)-P(x)\rvert<\epsilon$ for all $x\in[a,b]$. The same holds on compact subsets of $\mathbb R^n$ (Stone–Weierstrass).
:::

On $[0,1]$ one can write the polynomial down. Toss a coin with bias $x$ $N$ times and pay $f(\text{share of heads})$; the expected payment is a polynomial in $x$, the *Bernstein polynomial*

$$
B_N(x)=\sum_{k=0}^Nf\bigl(\tfrac kN\bigr)\binom Nkx^k(1-x)^{N-k},
$$ (eq-reg-bernstein)

and by the law of large numbers it tends to $f(x)$. For $f=\lvert x-\frac12\rvert$ it is slow: at $x=\frac12$ the payment is the mean distance of the share from $\frac12$, about $\sqrt{2/\pi}$ standard deviations of $\frac1{2\sqrt N}$, which makes $1/\sqrt{2\pi N}$. Interpolation in Chebyshev's nodes is far better.
"""

# %%
kink = lambda x: abs(x - 0.5)
fine = np.linspace(0, 1, 2001)


def bernstein(f, N, x):
    k = np.arange(N + 1)
    return stats.binom.pmf(k, N, x[:, None]) @ f(k / N)


def chebyshev(f, N, x):
    series = np.polynomial.Chebyshev.interpolate(lambda u: f((u + 1) / 2), N)
    return series(2 * x - 1)


for N in (10, 40, 160, 640):
    verify(
        f"Bernstein, N = {N}: sup error of |x − ½| is 1/√(2πN)",
        abs(bernstein(kink, N, fine) - kink(fine)).max(),
        1 / np.sqrt(2 * np.pi * N),
        rtol=0.05,
    )
for N in (40, 160):
    verify(
        f"Chebyshev nodes, N = {N}: sup error times N",
        N * abs(chebyshev(kink, N, fine) - kink(fine)).max(),
        0.29,
        atol=0.015,
    )

# %% tags=["hide-input"]
runge = lambda u: 1 / (1 + 25 * u**2)
wide = np.linspace(-1, 1, 400)


def approximations(N):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
    left.plot(fine, kink(fine), color=plot.GREY, lw=1)
    left.plot(
        fine[::5], bernstein(kink, N, fine[::5]), color=plot.BLUE, label="Bernstein"
    )
    left.plot(
        fine[::5],
        chebyshev(kink, N, fine[::5]),
        color=plot.GREEN,
        lw=1.2,
        label="Chebyshev",
    )
    left.set(xlabel="$x$", ylim=(-0.05, 0.6), title=r"$|x-\frac{1}{2}|$")
    left.legend(loc="upper center")
    nodes = np.linspace(-1, 1, N + 1)
    Tn = np.polynomial.chebyshev.chebvander
    weights = np.linalg.solve(Tn(nodes, N), runge(nodes))
    right.plot(wide, runge(wide), color=plot.GREY, lw=1)
    right.plot(wide, Tn(wide, N) @ weights, color=plot.RED)
    right.plot(nodes, runge(nodes), "k.", ms=4)
    right.set(xlabel="$x$", ylim=(-0.8, 1.8), title="through equispaced points")
    return fig


explore(
    approximations,
    alt="Left polynomials approaching a kink as the degree N grows, right the polynomial through equispaced points of a bell-shaped curve, which oscillates ever more wildly near the ends",
    N=[10, 2, 4, 6, 14, 20, 30, 40],
)

# %%
errors = []
for N in (10, 20, 40):
    nodes = np.linspace(-1, 1, N + 1)
    weights = np.linalg.solve(
        np.polynomial.chebyshev.chebvander(nodes, N), runge(nodes)
    )
    errors.append(
        abs(
            np.polynomial.chebyshev.chebval(fine * 2 - 1, weights) - runge(fine * 2 - 1)
        ).max()
    )
verify(
    "1/(1+25x²) through 11, 21, 41 equispaced points: log₁₀ of the sup error",
    np.log10(errors),
    np.log10([1.9, 60, 1e5]),
    atol=0.1,
)

# %% [markdown]
r"""
:::{admonition} Existence is not an algorithm
:class: correction
**The notes say** that by Weierstrass' theorem polynomial fitting can handle any data distribution in any dimension.

**Right is:** the theorem is about continuous *functions* on *compact* sets. It names no degree and constructs nothing from data (interpolating ever more points diverged above), and in $n$ variables the number of monomials of degree at most $k$ is $\binom{n+k}k$, which explodes.
:::
"""

# %%
from itertools import combinations_with_replacement

listed = [
    sum(1 for _ in combinations_with_replacement(range(n + 1), 3)) for n in (1, 10, 64)
]
verify(
    "monomials of degree at most 3 in 1, 10 and 64 variables, by listing",
    listed,
    [int(special.comb(n + 3, 3)) for n in (1, 10, 64)],
)

# %% [markdown]
r"""
(degree-is-a-hyperparameter)=
**Who chooses the degree?** Not the training loss: a polynomial of degree $k$ is also one of degree $k+1$, so a larger degree never fits worse. A quantity that is set from outside, like the degree, is a *hyperparameter*; it encodes what we believe before seeing data. An honest judge is *cross-validation*: fit on four fifths of the data, measure on the fifth, rotate.
"""


# %%
def cross_validation(x, y, degree, folds=5):
    errors = np.zeros(len(x))
    for k in range(folds):
        out = np.arange(len(x)) % folds == k
        c = poly_fit(x[~out], y[~out], degree)
        errors[out] = (np.polyval(c, x[out]) - y[out]) ** 2
    return errors.mean()


cv = np.array([cross_validation(x30, y30, k) for k in range(13)])
verify_at_most(
    "largest change of the training error when the degree grows by one",
    np.diff(train_curve[:13]).max(),
    0.0,
    atol=1e-12,
)
verify(
    "cross-validation chooses a degree strictly inside 0..12",
    0 < cv.argmin() < 12,
    True,
)
verify_at_least(
    "error of degree 12 over that of the chosen one", cv[12] / cv.min(), 3.0
)

# %% mystnb={"image": {"alt": "Training error and cross-validation error against the degree on a logarithmic axis: the first falls throughout, the second has a marked minimum at a middle degree and rises steeply afterwards."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3))
ax.semilogy(range(13), train_curve[:13], color=plot.BLUE, label="training error")
ax.semilogy(range(13), cv, color=plot.ORANGE, label="5-fold cross-validation")
ax.semilogy(cv.argmin(), cv.min(), "o", color=plot.RED, label=f"choice: {cv.argmin()}")
ax.set(xlabel="degree", ylabel="mean squared error")
ax.legend()
plt.show()

# %% [markdown]
r"""
## Too simple, too complex

(underfitting)=
**Underfitting.** The model cannot represent the relation. Training *and* validation error are large, and more data do not help. A straight line through the cosine is the example; the noise variance is $0.04$.

(overfitting)=
**Overfitting.** The model also fits the noise of its sample. The training error is small, below the noise variance even, and keeps falling as the model grows, while the error on unseen data rises; the coefficients are typically huge. To separate rule from accident we take medians over fifty draws.
"""


# %%
def train_and_test(degree, seed):
    x, y = sample(np.random.default_rng(seed))
    c = poly_fit(x, y, degree)
    return (
        np.mean((np.polyval(c, x) - y) ** 2),
        np.mean((np.polyval(c, grid) - truth(grid)) ** 2),
        abs(c).max(),
    )


medians = {
    k: np.median([train_and_test(k, seed) for seed in range(50)], axis=0)
    for k in range(16)
}
verify_at_least(
    "degree 1: training error, in noise variances", medians[1][0] / 0.04, 3.0
)
verify_at_least("degree 1: test error, in noise variances", medians[1][1] / 0.04, 3.0)
verify_at_most(
    "degree 15: training error, in noise variances", medians[15][0] / 0.04, 0.6
)
verify_at_least(
    "test error of degree 15 over that of degree 4",
    medians[15][1] / medians[4][1],
    20.0,
)
verify_at_most(
    "largest change of the median training error with the degree",
    np.diff([medians[k][0] for k in range(16)]).max(),
    0.0,
    atol=1e-12,
)
verify_at_least(
    "largest coefficient, degree 15 over degree 4",
    medians[15][2] / medians[4][2],
    1000.0,
)

# %% [markdown]
r"""
(generalization)=
### Away from the data only the prior speaks

A fitted model *generalises* if it explains new data from the same source. We ask for one element of an infinite-dimensional space and offer finitely many numbers; where there are no data, the answer comes from the model's assumptions alone. Leave a gap in the inputs and fit fifty resampled data sets (the *bootstrap*: draw $n$ points with replacement):
"""

# %%
rng = np.random.default_rng(16)
u = rng.uniform(0, 0.7, 60)
gap_x = np.where(u < 0.35, u, u + 0.3)  # nothing in (0.35, 0.65)
gap_y = truth(gap_x) + 0.2 * rng.normal(size=60)
draws = [rng.integers(0, 60, 60) for _ in range(50)]
curves = np.array([np.polyval(poly_fit(gap_x[i], gap_y[i], 8), grid) for i in draws])
inside = (grid > 0.35) & (grid < 0.65)
covered = ((grid > 0.05) & (grid < 0.33)) | ((grid > 0.67) & (grid < 0.95))
spread = curves.std(0)
verify_at_least(
    "disagreement of 50 fits in the gap over that beside it",
    np.median(spread[inside]) / np.median(spread[covered]),
    3.0,
)

# %% mystnb={"image": {"alt": "Fifty polynomial fits to bootstrap samples of points with a gap in the middle: they run together where there are points and fan out widely in the gap."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3.2))
ax.axvspan(0.35, 0.65, color=plot.GREY, alpha=0.12)
ax.plot(grid, curves.T, color=plot.BLUE, lw=0.6, alpha=0.4)
ax.plot(grid, truth(grid), ":", color="black")
ax.plot(gap_x, gap_y, "k.", ms=4)
ax.set(ylim=(-3, 2.5), xlabel="$x$", ylabel="$y$")
plt.show()

# %% [markdown]
r"""
Where there are points, fifty fits agree and are right. In the gap each tells its own story with the same confidence, and no amount of training loss can say which is true.
"""

# %% [markdown]
r"""
### Bias and variance, measured and computed

Why does the test error first fall and then rise? Keep the inputs fixed and draw fresh noise again and again: each draw gives another fit $\hat f(x)$. [The splitting of the squared error](#eq-reg-estimator) applies at each $x$ to the estimator $\hat f(x)$ of $f(x)$; for a fresh answer $y=f(x)+\varepsilon$ the noise comes on top:

$$
\mathbb E\bigl(y-\hat f(x)\bigr)^2=\sigma^2+\bigl(\mathbb E\hat f(x)-f(x)\bigr)^2+\operatorname{Var}\hat f(x).
$$ (eq-reg-bv)

For least squares both terms are known exactly, since $\hat f(x)=s(x)^\top y$ with $s(x)=X(X^\top X)^{-1}\phi(x)$ and $\phi(x)$ the features of $x$. As $y=f(X)+\varepsilon$,

$$
\mathbb E\hat f(x)=s(x)^\top f(X),\qquad\operatorname{Var}\hat f(x)=\sigma^2\|s(x)\|^2 .
$$ (eq-reg-bv-exact)

At the training points the variance averages to $\sigma^2(k+1)/n$: each parameter costs the same. We compare the formulas with 4000 resampled fits.
"""

# %%
fixed = (np.arange(30) + 0.5) / 30
noise = 0.2 * np.random.default_rng(17).normal(size=(4000, 30))
exact_bv, measured_bv = [], []
for k in range(10):
    features = np.polynomial.legendre.legvander(2 * fixed - 1, k)
    at_grid = np.polynomial.legendre.legvander(2 * grid - 1, k)
    smoother = at_grid @ np.linalg.pinv(features)  # rows s(x)ᵀ, (200, 30)
    exact_bv.append(
        (
            np.mean((smoother @ truth(fixed) - truth(grid)) ** 2),
            0.04 * np.mean((smoother**2).sum(1)),
        )
    )
    fitted = (truth(fixed) + noise) @ smoother.T  # (4000, 200)
    measured_bv.append(
        (np.mean((fitted.mean(0) - truth(grid)) ** 2), fitted.var(0).mean())
    )
    if k in (1, 4, 9):
        verify_within_se(
            f"degree {k}: resampled squared error is the exact bias² + variance",
            ((fitted - truth(grid)) ** 2).mean(1),
            sum(exact_bv[-1]),
        )
exact_bv, measured_bv = np.array(exact_bv), np.array(measured_bv)
verify(
    "variance of degrees 0 to 9, resampled against exact",
    measured_bv[:, 1],
    exact_bv[:, 1],
    rtol=0.05,
)
verify(
    "bias² of degrees 0 to 2, resampled against exact",
    measured_bv[:3, 0],
    exact_bv[:3, 0],
    rtol=0.02,
)
hat = features @ np.linalg.pinv(features)
verify(
    "variance at the training points, degree 9: σ²(k + 1)/n",
    ((truth(fixed) + noise) @ hat).var(0).mean(),
    0.04 * 10 / 30,
    rtol=0.05,
)

# %% mystnb={"image": {"alt": "Squared bias falling and variance rising with the degree on a logarithmic axis, exact curves with resampled dots on them; their sum is smallest near degree 4."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3.2))
for column, colour, name in ((0, plot.BLUE, "bias²"), (1, plot.ORANGE, "variance")):
    ax.semilogy(exact_bv[:, column], color=colour, label=f"{name}, exact")
    ax.semilogy(measured_bv[:, column], "o", color=colour, ms=5, mfc="white")
ax.semilogy(exact_bv.sum(1), color="black", label="sum")
ax.set(xlabel="degree", ylabel="averaged over $x$", ylim=(3e-5, 1))
ax.legend(loc="upper right", title="dots: 4000 resampled fits")
plt.show()

# %% [markdown]
r"""
The bias collapses as soon as the degree can follow the cosine. From then on every further parameter only adds variance. The valley of the test error lies where the two cross, and the noise $\sigma^2$ lies under all of it.
"""

# %% [markdown]
r"""
(train-validation-diagnosis)=
**Diagnosis.** In life neither bias nor variance is known, but two numbers are. Set a *validation set* aside, fit on the rest, and compare:

| training error | validation error | diagnosis |
|---|---|---|
| large | large | underfitting |
| small | large | overfitting |
| small | small | fine |
"""


# %%
def diagnose(train, val, noise_var):
    large = 2.5 * noise_var
    if train > large:
        return "under"
    return "over" if val > large else "ok"


for degree, expected in ((1, "under"), (4, "ok"), (15, "over")):
    verdicts = []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        (xt, yt), (xv, yv) = sample(rng), sample(rng, 200)
        c = poly_fit(xt, yt, degree)
        verdicts.append(
            diagnose(
                np.mean((np.polyval(c, xt) - yt) ** 2),
                np.mean((np.polyval(c, xv) - yv) ** 2),
                0.04,
            )
        )
    verify_at_least(
        f"degree {degree}: share of 50 draws diagnosed as '{expected}'",
        verdicts.count(expected) / 50,
        0.75,
    )

# %% [markdown]
r"""
(train-dev-test-split)=
### Why three sets and not two

Parameters are fitted on the *training* set, hyperparameters chosen on the *validation* (dev) set, and the final number is measured once on the *test* set, say 70/20/10. Why not report the validation score? Because it was *chosen*. Let two hundred coin-flipping classifiers compete on a hundred coin-flip labels. The best of them looks skilled:
"""

# %%
rng = np.random.default_rng(18)
train, dev, test = np.split(rng.permutation(1000), [700, 900])
verify(
    "the three sets together are every index once",
    np.sort(np.r_[train, dev, test]),
    np.arange(1000),
)

score = stats.binom(100, 0.5)
tail = 1 - score.cdf(np.arange(100)) ** 200  # P(best of 200 > k), so E = sum over k
labels = rng.integers(0, 2, (500, 1, 100))  # 500 repetitions of the contest
winners = (rng.integers(0, 2, (500, 200, 100)) == labels).mean(2).max(1)
verify_within_se(
    "dev accuracy of the best of 200 coin flippers", winners, tail.sum() / 100
)
verify(
    "expected best of 200 coin flippers, by the binomial formula",
    tail.sum() / 100,
    0.636,
    atol=0.001,
)
honest = rng.integers(0, 2, 10_000) == rng.integers(0, 2, 10_000)
verify("test accuracy of a coin flipper", honest.mean(), 0.5, atol=0.02)

# %% [markdown]
r"""
Nearly fourteen points of skill, made of nothing but choosing. The more models compete, the more the winner's score flatters; a fresh test set does not know who won.
"""

# %% [markdown]
r"""
(model-choice-and-amount-of-data)=
### Will more data help?

A line fits few points of a sine well enough; more points reveal that it is wrong. A model is *scalable* if it goes on improving as data come in. For $y=\sin2\pi x+\varepsilon$ on $[0,1]$, the best line leaves the squared bias

$$
\begin{aligned}
\int_0^1\sin^2(2\pi x)\,dx-\frac{\operatorname{cov}(x,\sin2\pi x)^2}{\operatorname{var}(x)}
&=\frac12-\frac{1/4\pi^2}{1/12}\\
&=\frac12-\frac3{\pi^2}=0.196
\end{aligned}
$$ (eq-reg-line-bias)

for ever, while degree 5 pays about $\sigma^2(k+1)/n$ for its six parameters and otherwise reaches the noise floor $\sigma^2=0.09$.
"""


# %%
def learning_curve(degree, n, rng, repeats):
    """Mean excess of the test error over the noise variance."""
    wide = np.linspace(0, 1, 400)
    out = []
    for _ in range(repeats):
        x = rng.uniform(0, 1, n)
        c = poly_fit(x, np.sin(2 * np.pi * x) + 0.3 * rng.normal(size=n), degree)
        out.append(np.mean((np.polyval(c, wide) - np.sin(2 * np.pi * wide)) ** 2))
    return np.mean(out)


rng, sizes = np.random.default_rng(19), np.array([10, 30, 100, 300, 1000, 3000, 10_000])
excess = {
    k: np.array([learning_curve(k, n, rng, 100 if n < 3000 else 20) for n in sizes])
    for k in (1, 5)
}
verify(
    "the line's squared bias at n = 10 000",
    excess[1][-1],
    0.5 - 3 / np.pi**2,
    rtol=0.03,
)
scaled = excess[5][3:] * sizes[3:] / 0.09
verify_at_least("degree 5: excess · n / σ², n ≥ 300", scaled, 3.0)
verify_at_most("degree 5: excess · n / σ², n ≥ 300, from above", scaled, 9.0)

# %% mystnb={"image": {"alt": "Test error against the number of data, double logarithmic: the line levels off at 0.29, degree 5 falls to the noise floor of 0.09 and stays there."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3))
ax.loglog(sizes, 0.09 + excess[1], "o-", color=plot.BLUE, label="line")
ax.loglog(sizes, 0.09 + excess[5], "o-", color=plot.RED, label="degree 5")
ax.axhline(0.09, color=plot.GREY, ls=":", label="noise floor 0.09")
ax.set(xlabel="$n$", ylabel="test error", ylim=(0.06, 3))
ax.legend()
plt.show()

# %% [markdown]
r"""
With ten points the line wins; from thirty on it has learned everything it ever will.
"""

# %% [markdown]
r"""
:::{admonition} No improvement need not mean a wrong model
:class: correction
**The notes say** that if adding data brings no improvement, the model is not right.

**Right is:** it may be right and have reached the irreducible noise, where no model improves further. Both curves above are flat at the end, and only one of the models is wrong.
:::
"""

# %%
errors = 0.09 + excess[5][[4, -1]]  # at n = 1000 and n = 10 000
verify_at_most(
    "degree 5: relative gain from ten times more data beyond 1000",
    1 - errors[1] / errors[0],
    0.01,
)
verify(
    "degree 5 at 10 000 points: its error is the noise variance",
    errors[1],
    0.09,
    rtol=1e-3,
)

# %% [markdown]
r"""
(limits-of-polynomial-regression)=
**Why not polynomials for everything?** Their closed form is tied to the squared loss. Global powers extrapolate badly. Their number is $\binom{n+k}k$: for the 64 pixels of a small digit, 2145 features of degree two and 47905 of degree three. Nothing in between is *learned*: the features are fixed, and a belief such as "neighbouring pixels belong together" is hard to express. That is a case for networks, but it should not be overstated.
"""

# %%
for k, expected in ((2, 2145), (3, 47905)):
    verify(
        f"features of degree at most {k} in 64 pixels",
        preprocessing.PolynomialFeatures(k).fit(np.zeros((1, 64))).n_output_features_,
        int(special.comb(64 + k, k)),
    )
beyond = np.median(
    [
        abs(
            np.polyval(poly_fit(*sample(np.random.default_rng(s)), 4), 2.0) - truth(2.0)
        )
        for s in range(50)
    ]
)
verify_at_least("degree 4, good on [0, 1]: median error at x = 2", beyond, 5.0)

# %% [markdown]
r"""
:::{admonition} Polynomial features work with any loss
:class: correction
**The notes say** that polynomial regression is not possible without the squared error and that regularising it is hard.

**Right is:** any loss takes polynomial features; only the closed form is lost. And ridge regression, next, regularises with a closed form.
:::
"""

# %%
rng = np.random.default_rng(20)
ring = rng.normal(size=(1000, 2))
is_far = (ring**2).sum(1) > 1.4  # a disc and its surroundings: no line separates them
quadratic = preprocessing.PolynomialFeatures(2).fit_transform(ring)
for name, features, bound in (("raw", ring, None), ("quadratic", quadratic, 0.97)):
    model = linear_model.LogisticRegression(C=100).fit(features[:700], is_far[:700])
    score = model.score(features[700:], is_far[700:])
    if bound:
        verify_at_least(
            "logistic regression on degree-2 features: accuracy on a disc", score, bound
        )
    else:
        verify_at_most("logistic regression on the raw features: accuracy", score, 0.65)

ridged = []
for seed in range(50):
    xs, ys = sample(np.random.default_rng(seed))
    P = np.vander(xs, 16)
    c = np.linalg.solve(P.T @ P + 1e-4 * np.eye(16), P.T @ ys)
    ridged.append(np.mean((np.polyval(c, grid) - truth(grid)) ** 2))
verify_at_most(
    "degree 15 with ridge: median test error, which was above 1 without",
    np.median(ridged),
    0.02,
)

# %% [markdown]
r"""
## Paying for size

(ridge-regression)=
### Ridge: shrink everything

The wild fits had huge coefficients. So charge for them:

$$
\min_\theta\;\|y-X\theta\|^2+\lambda\|\theta\|^2,\qquad\lambda>0
$$ (eq-reg-ridge)

(*ridge regression*, Tikhonov regularisation, L2 penalty; the intercept is usually left free, and factors $\frac12$ or $\frac1n$ are conventions). [The table of gradients](#derivatives-of-linear-and-quadratic-forms) gives $2X^\top(X\theta-y)+2\lambda\theta=0$, hence

$$
\hat\theta_\lambda=(X^\top X+\lambda I)^{-1}X^\top y .
$$ (eq-reg-ridge-solution)

The matrix is invertible for *every* $X$, since $v^\top(X^\top X+\lambda I)v=\|Xv\|^2+\lambda\|v\|^2>0$. What does it do? Insert $X=U\Sigma V^\top$:

$$
\begin{aligned}
\hat\theta_\lambda&=V(\Sigma^2+\lambda I)^{-1}\Sigma U^\top y\\
&=\sum_i\underbrace{\frac{s_i^2}{s_i^2+\lambda}}_{\text{shrink factor}}\;\frac{u_i^\top y}{s_i}\,v_i .
\end{aligned}
$$ (eq-reg-shrink)

[Least squares](#eq-reg-svd) times a factor per singular direction: nearly one where the data speak loudly ($s_i^2\gg\lambda$), nearly zero where they whisper.
"""

# %%
lam = 20.0
closed = np.linalg.solve(Xd.T @ Xd + lam * np.eye(10), Xd.T @ yd)
augmented = np.linalg.lstsq(
    np.r_[Xd, np.sqrt(lam) * np.eye(10)], np.r_[yd, np.zeros(10)], rcond=None
)[0]
library = linear_model.Ridge(alpha=lam, fit_intercept=False).fit(Xd, yd).coef_
verify(
    "ridge: closed form, least squares on data with the rows √λ I added",
    closed,
    augmented,
    atol=1e-8,
)
verify("ridge: closed form and scikit-learn", closed, library, atol=1e-8)
U, s, Vt = np.linalg.svd(Xd, full_matrices=False)
ols = np.linalg.lstsq(Xd, yd, rcond=None)[0]
verify(
    "ridge shrinks least squares by s²/(s² + λ) along each singular direction",
    (Vt @ closed) / (Vt @ ols),
    s**2 / (s**2 + lam),
    rtol=1e-9,
)

# %%
few_X, few_y = Xd[:5], yd[:5]  # five patients, ten unknowns
unique = np.linalg.solve(few_X.T @ few_X + np.eye(10), few_X.T @ few_y)
from_afar = optimize.minimize(
    lambda w: ((few_y - few_X @ w) ** 2).sum() + w @ w,
    np.full(10, 5.0),
    options={"gtol": 1e-8},
).x
verify(
    "n = 5 < 10: a search started far away finds the same ridge solution",
    from_afar,
    unique,
    atol=1e-5,
)
path = np.array(
    [
        np.linalg.solve(Xd.T @ Xd + l * np.eye(10), Xd.T @ yd)
        for l in np.logspace(-3, 5, 60)
    ]
)
verify_at_most(
    "largest change of ‖θ‖ from λ to the next larger λ",
    np.diff(np.linalg.norm(path, axis=1)).max(),
    0.0,
)
verify_at_least(
    "smallest change of the training error from λ to the next",
    np.diff(((yd - path @ Xd.T) ** 2).sum(1)).min(),
    0.0,
)

# %% [markdown]
r"""
Now give the degree 15 that failed a second chance, and drag $\lambda$ from nearly nothing to far too much. Between the wiggle and the flat line lies a good fit.
"""

# %% tags=["hide-input"]
xr, yr = x30, y30
lams = 10.0 ** np.arange(-14, 4)
Vr = np.vander(xr, 16)
ridge_fits = {
    l: np.linalg.lstsq(
        np.r_[Vr, np.sqrt(l) * np.eye(16)], np.r_[yr, np.zeros(16)], rcond=None
    )[0]
    for l in lams
}
ridge_test = [
    np.mean((np.polyval(c, grid) - truth(grid)) ** 2) for c in ridge_fits.values()
]


def ridge_picture(log_lambda):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
    l = lams[log_lambda + 14]
    left.plot(grid, truth(grid), ":", color=plot.GREY)
    left.plot(xr, yr, "k.", ms=4)
    left.plot(grid, np.polyval(ridge_fits[l], grid), color=plot.RED)
    left.set(
        ylim=(-1.8, 1.8),
        xlabel="$x$",
        title=f"‖θ‖ = {np.linalg.norm(ridge_fits[l]):.3g}",
    )
    right.loglog(lams, ridge_test, color=plot.ORANGE)
    right.plot(l, ridge_test[log_lambda + 14], "o", color=plot.RED)
    right.set(xlabel=r"$\lambda$", title="test error (noise-free)")
    return fig


explore(
    ridge_picture,
    alt="Left a degree 15 ridge fit to thirty noisy points of a cosine, wiggly for tiny λ and flat for large λ; right its test error against λ with a minimum in between",
    log_lambda=[-14, -12, -10, -8, -6, -4, -2, 0, 3],
)

# %%
verify_at_least(
    "degree 15: test error with λ = 1e-14 over the best of all λ",
    ridge_test[0] / min(ridge_test),
    5.0,
)
verify_at_least(
    "degree 15: test error with λ = 1000 over the best",
    ridge_test[-1] / min(ridge_test),
    5.0,
)

# %% [markdown]
r"""
(lasso)=
### Lasso: select

Ridge makes coefficients small, never zero. Replace the squares by absolute values,

$$
\min_\theta\;\frac1{2n}\|y-X\theta\|^2+\lambda\|\theta\|_1,\qquad\|\theta\|_1=\sum_i\lvert\theta_i\rvert,
$$ (eq-reg-lasso)

the *lasso* {cite:p}`tibshirani1996` (for a weight matrix, $\lambda\sum_{ij}\lvert W_{ij}\rvert$). The penalty has a kink at zero, and that is the point. A non-zero coefficient feels a pull of the *same* size $\lambda$ however small it is, while ridge's pull $2\lambda\theta_i$ fades away on approach. At zero, the kink can resist any force up to $\lambda$: writing $\ell$ for the first term, a coefficient rests at zero exactly as long as

$$
\lvert\partial_i\ell\rvert\le\lambda .
$$ (eq-reg-rest)

In the picture each penalty is a budget. The contours of the loss touch the disc anywhere on its rim, but the diamond mostly at a corner, where a coefficient is zero.
"""

# %% mystnb={"image": {"alt": "Elliptic contours of a loss touching a disc at a point with both coordinates non-zero, and touching a diamond at its corner, where the first coordinate is zero."}} tags=["hide-input"]
bowl, centre = np.array([[1.5, 0.3], [0.3, 1.0]]), np.array([0.4, 1.8])
value = lambda a, b: (
    bowl[0, 0] * (a - centre[0]) ** 2
    + bowl[1, 1] * (b - centre[1]) ** 2
    + 2 * bowl[0, 1] * (a - centre[0]) * (b - centre[1])
)
angle = np.linspace(0, 2 * np.pi, 4001)
disc = np.array([np.cos(angle), np.sin(angle)])
rims = {"disc: ridge": disc, "diamond: lasso": disc / abs(disc).sum(0)}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.3), sharey=True)
for ax, (name, rim) in zip(axes, rims.items()):
    touch = rim[:, value(*rim).argmin()]
    plot.contours(
        ax, value, (-1.4, 2.0), (-1.2, 2.2), sorted([0.1, 0.6, 1.8, value(*touch), 4])
    )
    ax.fill(*rim, color=plot.SKY, alpha=0.4)
    ax.plot(*touch, "o", color=plot.RED)
    ax.set(aspect="equal", title=name, xlabel=r"$\theta_1$")
axes[0].set_ylabel(r"$\theta_2$")
plt.show()

# %%
lowest = {name: rim[:, value(*rim).argmin()] for name, rim in rims.items()}
verify(
    "lowest point of the diamond: the corner, one coefficient exactly zero",
    lowest["diamond: lasso"],
    [0.0, 1.0],
    atol=1e-12,
)
verify_at_least(
    "lowest point of the disc: its smaller coordinate", lowest["disc: ridge"].min(), 0.1
)

# %% [markdown]
r"""
Fifty candidates, five of which matter, a hundred noisy observations. Does it find the five?
"""

# %%
rng = np.random.default_rng(21)
XL = rng.normal(size=(100, 50))
theta_true = np.zeros(50)
theta_true[[3, 11, 19, 30, 42]] = [2.0, -1.5, 1.0, -1.0, 1.5]
yL = XL @ theta_true + 0.5 * rng.normal(size=100)
XL, yL = XL - XL.mean(0), yL - yL.mean()


def lasso(alpha):
    return (
        linear_model.Lasso(
            alpha=alpha, fit_intercept=False, tol=1e-10, max_iter=100_000
        )
        .fit(XL, yL)
        .coef_
    )


chosen = lasso(0.1)
verify(
    "lasso: the true coefficients among the non-zero ones",
    int(np.count_nonzero(chosen[theta_true != 0])),
    5,
)
verify_at_most("lasso: non-zero coefficients of 50", np.count_nonzero(chosen), 15)
verify(
    "ridge: non-zero coefficients of 50",
    int(np.count_nonzero(linear_model.Ridge(alpha=10).fit(XL, yL).coef_)),
    50,
)
top = abs(XL.T @ yL).max() / 100  # the largest pull on a coefficient at zero
verify(
    "lasso: non-zeros just above and just below λ = max|Xᵀy|/n",
    [int(np.count_nonzero(lasso(f * top))) for f in (1.001, 0.99)],
    [0, 1],
)

# %% [markdown]
r"""
Lower $\lambda$ from that threshold. One coefficient after another leaves zero, the true ones (coloured) first.
"""

# %% tags=["hide-input"]
alphas = np.geomspace(top, 0.003, 60)
paths = np.array(
    [
        linear_model.Lasso(alpha=l, fit_intercept=False, max_iter=20_000)
        .fit(XL, yL)
        .coef_
        for l in alphas
    ]
)


def lasso_path(lam):
    fig, ax = plt.subplots(figsize=(6.8, 3.3))
    for j in np.argsort(theta_true != 0):
        ax.semilogx(
            alphas,
            paths[:, j],
            lw=1.8 if theta_true[j] else 0.7,
            color=plot.BLUE if theta_true[j] else plot.GREY,
        )
    k = abs(np.log(alphas / lam)).argmin()
    ax.axvline(alphas[k], color=plot.RED, lw=1.2)
    ax.invert_xaxis()
    ax.set(
        xlabel=r"$\lambda$",
        ylabel="coefficients",
        ylim=(-1.8, 2.3),
        title=f"{np.count_nonzero(paths[k])} of 50 are not zero",
    )
    return fig


explore(
    lasso_path,
    alt="Coefficients of the lasso against λ decreasing to the right: all zero at first, then the five true ones leave zero one by one, later a bundle of small ones",
    lam=[1.2, 2.0, 0.8, 0.5, 0.3, 0.1, 0.03, 0.01],
)

# %% [markdown]
r"""
(soft-thresholding)=
### Soft thresholding

The kink can be handled exactly. In one dimension, with the subgradient of $\lvert w\rvert$ (the sign, or anything in $[-1,1]$ at zero), $0\in w-w_0+\mu\,\partial\lvert w\rvert$ has three cases: $w>0$ needs $w=w_0-\mu>0$; $w<0$ needs $w=w_0+\mu<0$; and $w=0$ needs $\lvert w_0\rvert\le\mu$. Together:

$$
\arg\min_w\tfrac12(w-w_0)^2+\mu\lvert w\rvert=\operatorname{sign}(w_0)\max(\lvert w_0\rvert-\mu,0)=:S_\mu(w_0) .
$$ (eq-reg-soft)

If the curvature is $h$ instead of $1$, divide by it: the threshold is $\mu/h$. This solves the lasso outright whenever the Hessian is diagonal, with $\mu/h_{ii}$ for coefficient $i$; in particular for orthonormal columns.
"""

# %%
soft = lambda w0, mu: np.sign(w0) * np.maximum(abs(w0) - mu, 0)

rng = np.random.default_rng(22)
fine_w = np.linspace(-4, 4, 80_001)
pairs = np.c_[rng.uniform(-3, 3, 50), rng.uniform(0, 2, 50)]
by_grid = [
    fine_w[(0.5 * (fine_w - w0) ** 2 + mu * abs(fine_w)).argmin()] for w0, mu in pairs
]
verify(
    "soft threshold, against grid search for 50 pairs",
    soft(*pairs.T),
    np.array(by_grid),
    atol=1e-4,
)

Qo = np.linalg.qr(rng.normal(size=(60, 8)))[0] * np.sqrt(60)  # XᵀX/n = I
yo = rng.normal(size=60) + Qo[:, 0]
verify(
    "orthonormal design: lasso is soft-thresholded least squares",
    linear_model.Lasso(alpha=0.1, fit_intercept=False, tol=1e-12).fit(Qo, yo).coef_,
    soft(Qo.T @ yo / 60, 0.1),
    atol=1e-8,
)

# %% [markdown]
r"""
Two algorithms follow at once. *Coordinate descent* minimises [the lasso](#eq-reg-lasso) in one coefficient at a time; as a function of $\theta_j$ alone it is a parabola of curvature $h_j=\|x_j\|^2/n$ with the minimum at $\theta_j+x_j^\top r/(nh_j)$, $r=y-X\theta$, plus the kink. *ISTA* takes a gradient step on all of them with $\eta=1/L$ and then soft-thresholds with $\eta\lambda$.
"""


# %%
def coordinate_descent(X, y, lam, sweeps=200):
    theta, r, h = np.zeros(X.shape[1]), y.copy(), (X**2).mean(0)
    for _ in range(sweeps):
        for j in range(len(theta)):
            new = soft(theta[j] + X[:, j] @ r / (len(y) * h[j]), lam / h[j])
            r += X[:, j] * (theta[j] - new)
            theta[j] = new
    return theta


def ista(X, y, lam, steps=2000):
    theta, n = np.zeros(X.shape[1]), len(y)
    eta = n / np.linalg.norm(X, 2) ** 2
    for _ in range(steps):
        theta = soft(theta - eta * X.T @ (X @ theta - y) / n, eta * lam)
    return theta


# %%
objective = lambda w: np.mean((yL - XL @ w) ** 2) / 2 + 0.1 * abs(w).sum()
ours = coordinate_descent(XL, yL, 0.1)
verify("coordinate descent, against scikit-learn's lasso", ours, chosen, atol=1e-6)
verify(
    "ISTA: its objective, against scikit-learn's",
    objective(ista(XL, yL, 0.1)),
    objective(chosen),
    atol=1e-8,
)
pull = abs(XL.T @ (yL - XL @ ours)) / 100
verify_at_most(
    "at the lasso optimum the pull on every zero coefficient is at most λ",
    pull[ours == 0],
    0.1,
)
verify(
    "at the lasso optimum the pull on every non-zero coefficient is λ",
    pull[ours != 0],
    np.full(np.count_nonzero(ours), 0.1),
    rtol=1e-6,
)

# %% [markdown]
r"""
:::{admonition} Zero is not a trap
:class: correction
**The notes say** that with an L1 penalty a parameter that is zero stays at zero.

**Right is:** only while the data do not pull harder than $\lambda$, [that is](#eq-reg-rest), $\lvert\partial_i\ell\rvert\le\lambda$; otherwise it leaves zero, as all did along the path above, where every run started from zero. And plain subgradient descent does not even arrive at exact zeros; soft-thresholding steps do.
:::
"""

# %%
start = np.zeros(50)
one_step = ista(XL, yL, 0.1, steps=1)
leaves = abs(XL.T @ yL) / 100 > 0.1
verify(
    "coefficients that leave zero in one step are those pulled harder than λ",
    (one_step != 0).astype(int),
    leaves.astype(int),
)
w = start
for t in range(2000):
    w = w - 0.1 / np.sqrt(1 + t) * (XL.T @ (XL @ w - yL) / 100 + 0.1 * np.sign(w))
verify(
    "subgradient descent: exact zeros among 50 after 2000 steps", int(np.sum(w == 0)), 0
)
verify(
    "ISTA: exact zeros after 2000 steps",
    int(np.sum(ista(XL, yL, 0.1) == 0)),
    int(np.sum(chosen == 0)),
)

# %% [markdown]
r"""
## From numbers to classes

(zero-one-loss)=
### The loss one would like to have

For classes the natural loss counts mistakes, $\ell(y^*,y)=1-\delta_{y^*y}$, the *0/1 loss*. Given $x$, predicting class $y$ errs with probability $1-p(y\mid x)$, so the best rule names the *most probable class*, and its error

$$
1-\mathbb E_x\max_yp(y\mid x)
$$ (eq-reg-bayes)

is the *Bayes error*: no classifier, however large, beats it. We know it if we know the distribution, as for three overlapping Gaussian classes:
"""

# %%
rng = np.random.default_rng(23)
centres, prior = np.array([-1.5, 0.0, 2.0]), np.array([0.3, 0.5, 0.2])
classes = rng.choice(3, 100_000, p=prior)
position = rng.normal(centres[classes], 1.0)
axis = np.linspace(-8, 9, 20_001)
joint = prior * np.exp(-((axis[:, None] - centres) ** 2) / 2) / np.sqrt(2 * np.pi)
bayes_risk = 1 - joint.max(1).sum() * (axis[1] - axis[0])  # integral of the largest


def rule(scale_prior, shift):
    scores = (
        np.log(prior * scale_prior) - (position[:, None] - centres - shift) ** 2 / 2
    )
    return scores.argmax(1) != classes


verify_within_se(
    "the rule of the most probable class errs with the Bayes risk",
    rule(np.ones(3), 0.0).astype(float),
    bayes_risk,
)
others = [rule(rng.uniform(0.2, 1, 3), rng.normal()).mean() for _ in range(20)]
verify_at_least(
    "smallest error of 20 other rules minus the Bayes risk",
    np.array(others) - bayes_risk,
    0.0,
)

# %% [markdown]
r"""
If this is what we want, why not minimise it? Because it is piecewise constant: move the boundary a little, and no point changes sides. Its gradient is zero almost everywhere and tells a learner nothing.

(thresholding-for-classification)=
### Why not a line with a threshold?

The opening tried to get around this: least squares on labels $\pm1$, then a cut. The cut brings the useless gradient back, and the squared loss punishes points for being "too right": the line through the others predicts about $+18$ for a point at $x=20$ with the label $+1$, an error of 17, and to reduce it the line turns. The way out is to put the categorical target *into the loss*. Here is the opening's experiment again, with the loss that this section is heading for.
"""

# %%
logistic = linear_model.LogisticRegression(C=100).fit(crowd[:, None], crowd_y)
verify_at_least(
    "300 points: accuracy of logistic regression",
    logistic.score(crowd[:, None], crowd_y),
    0.98,
)
slope, offset = np.polyfit(crowd, crowd_y, 1)
verify_at_most(
    "300 points: accuracy of least squares and a threshold",
    np.mean(np.sign(slope * crowd + offset) == crowd_y),
    0.94,
)


def thresholded(a, b):
    return np.mean(np.sign(a * crowd + b) != crowd_y)


rng = np.random.default_rng(24)
slopes = [
    (thresholded(a + 1e-9, b) - thresholded(a - 1e-9, b)) / 2e-9
    for a, b in rng.normal(size=(100, 2))
]
verify(
    "gradient of the 0/1 loss at 100 random lines: largest",
    max(np.abs(slopes)),
    0.0,
    atol=1e-12,
)

# %% [markdown]
r"""
(sigmoid)=
### A score becomes a probability

A line gives a score $t=w^\top x$ anywhere in $\mathbb R$; a probability lies in $(0,1)$. The *logistic sigmoid*

$$
\sigma(t)=\frac1{1+e^{-t}}=\frac{e^t}{1+e^t},\qquad\sigma(-t)=1-\sigma(t),
$$ (eq-reg-sigmoid)

maps one increasingly onto the other and *saturates*: far out it hardly changes. A factor in the argument, $\sigma(\lambda t)$, sets how decided it is.
"""


# %% tags=["hide-input"]
def steepness(lam):
    fig, ax = plt.subplots(figsize=(6.8, 3))
    t = np.linspace(-6, 6, 601)
    ax.plot(t, t > 0, color=plot.GREY, lw=1, label="step")
    ax.plot(t, special.expit(lam * t), color=plot.RED, label=r"$\sigma(\lambda t)$")
    ax.plot(
        t,
        np.clip(0.5 + lam * t / 4, -0.1, 1.1),
        ":",
        color=plot.BLUE,
        label=r"slope $\lambda/4$ at 0",
    )
    ax.set(xlabel="$t$", ylim=(-0.05, 1.05))
    ax.legend(loc="lower right")
    return fig


explore(
    steepness,
    alt="The sigmoid of λ t with its tangent at zero; it turns into a step as λ grows",
    lam=[1.0, 0.2, 0.5, 2.0, 4.0, 10.0, 30.0],
)


# %%
def sigmoid(t):
    """Stable: never exponentiates a positive number."""
    e = np.exp(-np.abs(t))
    return np.where(t >= 0, 1, e) / (1 + e)


t = np.linspace(-12, 12, 241)
verify(
    "1/(1 + e⁻ᵗ) and eᵗ/(1 + eᵗ)",
    1 / (1 + np.exp(-t)),
    np.exp(t) / (1 + np.exp(t)),
    rtol=1e-12,
)
verify("the stable sigmoid agrees with scipy", sigmoid(t), special.expit(t), rtol=1e-12)
verify("σ(−t) = 1 − σ(t)", sigmoid(-t), 1 - sigmoid(t), atol=1e-12)
verify(
    "the stable sigmoid at −1000 and 1000",
    sigmoid(np.array([-1000.0, 1000.0])),
    [0.0, 1.0],
)
t32 = torch.tensor(20.0, dtype=torch.float32, requires_grad=True)
s32 = torch.sigmoid(t32)
s32.backward()
verify(
    "float32: σ(20) and its gradient, saturated",
    [s32.item(), t32.grad.item()],
    [1.0, 0.0],
)

# %% [markdown]
r"""
(sigmoid-derivative)=
(logit-link)=
Two facts about it are used all the time. Its derivative needs no new exponential: by the quotient rule $\sigma'=e^{-t}/(1+e^{-t})^2=\sigma\cdot\frac{e^{-t}}{1+e^{-t}}$. And its inverse, the *logit*, is the logarithm of the odds.

| fact | formula |
|---|---|
| derivative | $\sigma'=\sigma(1-\sigma)=\frac14\bigl(1-\tanh^2\frac t2\bigr)=\frac14\tanh'\bigl(\frac t2\bigr)\le\frac14$ |
| on vectors, element by element | $J_\sigma=\operatorname{diag}(\sigma\odot(1-\sigma))$ |
| logit | $\sigma^{-1}(\mu)=\log\frac\mu{1-\mu}$ for $\mu\in(0,1)$ |
"""

# %%
tt = torch.linspace(-6, 6, 121, requires_grad=True)
(auto,) = torch.autograd.grad(torch.sigmoid(tt).sum(), tt)
u = (tt / 2).detach().requires_grad_(True)
(tanh_prime,) = torch.autograd.grad(torch.tanh(u).sum(), u)
ours = sigmoid(tt.detach().numpy())
for name, form in {
    "σ(1 − σ)": ours * (1 - ours),
    "¼(1 − tanh²(t/2))": (1 - np.tanh(tt.detach().numpy() / 2) ** 2) / 4,
    "¼ tanh′ at t/2": tanh_prime / 4,
}.items():
    verify(f"σ′ = {name}, against autograd", form, auto, atol=1e-12)
verify(
    "the sigmoid's largest slope is ¼, at t = 0",
    [auto.max().item(), tt[auto.argmax()].item()],
    [0.25, 0.0],
    atol=1e-12,
)
J = torch.autograd.functional.jacobian(torch.sigmoid, tt.detach()[:5])
verify(
    "the Jacobian of the vector sigmoid is diagonal",
    J,
    np.diag(auto[:5].numpy()),
    atol=1e-12,
)
mu = np.linspace(0.001, 0.999, 999)
verify(
    "logit, then sigmoid: round trip", sigmoid(np.log(mu / (1 - mu))), mu, atol=1e-12
)

# %% [markdown]
r"""
(logistic-regression)=
## Logistic regression

Join the two halves: a linear score and a sigmoid,

$$
p(1\mid x)=\sigma(w^\top x)=\frac1{1+e^{-w^\top x}} .
$$ (eq-reg-logistic)

The [log-odds](#logit-link) $\log\frac{p(1\mid x)}{p(0\mid x)}=w^\top x$ are linear, so adding one to $x_j$ multiplies the odds by $e^{w_j}$, and the boundary $p=\frac12$ is the hyperplane $w^\top x=0$. (The intercept hides in $w$, with a feature that is always one.)

(binary-cross-entropy-loss)=
### Its loss: the coin's likelihood

A label is the toss of a coin with bias $\hat y_i=\sigma(w^\top x_i+b)$. Its probability is $\hat y_i$ if $y_i=1$ and $1-\hat y_i$ if $y_i=0$, in one formula $\hat y_i^{y_i}(1-\hat y_i)^{1-y_i}$. Minus the logarithm, averaged:

$$
\ell=-\frac1n\sum_{i=1}^n\bigl[y_i\log\hat y_i+(1-y_i)\log(1-\hat y_i)\bigr]
$$ (eq-reg-bce)

(*binary cross-entropy*, logistic loss, log loss). Five ways to compute it:
"""

# %%
rng = np.random.default_rng(251)
x50 = rng.normal(size=50)
y50 = (rng.uniform(size=50) < sigmoid(1.5 * x50 - 0.5)).astype(float)
z50 = 1.2 * x50 + 0.3
p50 = sigmoid(z50)
combined = -np.mean(y50 * np.log(p50) + (1 - y50) * np.log(1 - p50))
tz, ty50 = torch.tensor(z50), torch.tensor(y50)
for name, value in {
    "case by case": np.mean(
        [-np.log(p) if label else -np.log(1 - p) for p, label in zip(p50, y50)]
    ),
    "scikit-learn": metrics.log_loss(y50, p50),
    "torch BCELoss": torch.nn.BCELoss()(torch.sigmoid(tz), ty50),
    "torch, from logits": F.binary_cross_entropy_with_logits(tz, ty50),
}.items():
    verify(
        f"binary cross-entropy, {name}, against the combined formula",
        value,
        combined,
        rtol=1e-10,
    )

rate = y50.mean()
constant = optimize.minimize_scalar(
    lambda q: metrics.log_loss(y50, np.full(50, q)),
    bounds=(0.01, 0.99),
    method="bounded",
    options={"xatol": 1e-9},
)
verify("the best constant prediction is the share of ones", constant.x, rate, atol=1e-6)
verify(
    "the best constant prediction costs the entropy of the labels",
    constant.fun,
    stats.entropy([rate, 1 - rate]),
    rtol=1e-9,
)

# %% [markdown]
r"""
:::{admonition} Which logarithm is zero?
:class: correction
**The notes say** that a confident right answer costs nothing because the logarithm of 0 is 0.

**Right is:** with $\sigma=1$ and $y=1$ the cost is $-\log1=0$, and the other term is multiplied by $1-y=0$. $\log0=-\infty$ belongs to the confident *wrong* answer, whose cost is infinite.
:::
"""

# %%
with np.errstate(divide="ignore"):
    verify("cost of a certain right answer, −log 1", float(-np.log(1.0)) + 0.0, 0.0)
    verify(
        "cost of a certain wrong answer, −log 0, is infinite",
        bool(np.isposinf(-np.log(0.0))),
        True,
    )

# %% [markdown]
r"""
(logistic-log-likelihood-softplus)=
**A softplus.** With the score $z$ and the label turned into the sign $2y-1=\pm1$, both cases are one: since $1-\sigma(z)=\sigma(-z)$,

$$
-\log p(y\mid z)=-\log\sigma\bigl((2y-1)z\bigr)=\zeta\bigl((1-2y)z\bigr),\qquad\zeta(u)=\log(1+e^u).
$$ (eq-reg-softplus)

Cross-entropy is the general notion, the *softplus* $\zeta$ its Bernoulli case. It also saves the computer: $\log\sigma(-800)$ by way of $\sigma$ is the logarithm of zero.
"""

# %%
z = np.linspace(-30, 30, 121)
for label in (0, 1):
    p_label = sigmoid(z) if label else sigmoid(-z)
    verify(
        f"label {label}: −log p(y|z) is a softplus",
        np.logaddexp(0, (1 - 2 * label) * z),
        -np.log(p_label),
        atol=1e-12,
    )
extreme = torch.tensor([-800.0, 800.0])
verify(
    "from logits: finite cost of being certain and wrong",
    F.binary_cross_entropy_with_logits(
        extreme, torch.tensor([1.0, 0.0]), reduction="none"
    ),
    [800.0, 800.0],
    rtol=1e-10,
)
verify(
    "cost of a certain wrong answer by way of the sigmoid: infinite",
    bool(torch.isinf(-torch.log(torch.sigmoid(extreme[0])))),
    True,
)
tz = torch.tensor(z, requires_grad=True)
F.softplus(tz).sum().backward()
verify("the softplus has the slope σ", tz.grad, sigmoid(z), atol=1e-8)

# %% [markdown]
r"""
(logistic-gradient)=
### The gradient, step by step

One factor at a time, for $\hat y=\sigma(z)$ and $z=ax+b$. The chain is $(a,b)\to z\to\hat y\to\log\hat y$, and its three factors are

$$
\begin{aligned}
\frac{\partial\log\hat y}{\partial\hat y}&=\frac1{\hat y},\\
\frac{\partial\hat y}{\partial z}&=\hat y(1-\hat y),\\
\frac{\partial z}{\partial a}&=x,\quad\frac{\partial z}{\partial b}=1 .
\end{aligned}
$$

Multiply them; the troublesome $\hat y$ cancels:

$$
\frac{\partial}{\partial a}\log\hat y=\frac1{\hat y}\cdot\hat y(1-\hat y)\cdot x=(1-\hat y)\,x .
$$

For the other label, $1-\hat y$ has the derivative $-\hat y(1-\hat y)$ in $z$:

$$
\frac{\partial}{\partial a}\log(1-\hat y)=\frac{-\hat y(1-\hat y)}{1-\hat y}\,x=-\hat y\,x .
$$

Weigh them with $y$ and $1-y$ and flip the sign:

$$
\begin{aligned}
-y(1-\hat y)x+(1-y)\hat y\,x&=\bigl(-y+y\hat y+\hat y-y\hat y\bigr)x\\
&=(\hat y-y)\,x .
\end{aligned}
$$

The same with $1$ for $x$ gives $\partial_b$. Summed over the data, and in matrix form:

$$
\begin{aligned}
\nabla_{(a,b)}\ell&=\sum_i\bigl(\sigma(ax_i+b)-y_i\bigr)\begin{pmatrix}x_i\\1\end{pmatrix},\\
\nabla_w\ell&=X^\top\bigl(\sigma(Xw)-y\bigr).
\end{aligned}
$$ (eq-reg-logistic-gradient)

It has the *form of the least-squares gradient*: prediction minus truth, times the input. Let autograd report each node of the chain, and then the whole:
"""

# %%
ta, tb = torch.tensor(0.8, requires_grad=True), torch.tensor(-0.3, requires_grad=True)
xi = 1.7
z1 = ta * xi + tb
y1 = torch.sigmoid(z1)
log_y = torch.log(y1)
edges = [
    torch.autograd.grad(out, inp, retain_graph=True)[0]
    for out, inp in ((log_y, y1), (y1, z1), (z1, ta))
]
by_formula = [
    1 / sigmoid(0.8 * xi - 0.3),
    sigmoid(0.8 * xi - 0.3) * sigmoid(0.3 - 0.8 * xi),
    xi,
]
verify(
    "the three factors 1/ŷ, ŷ(1 − ŷ), x, node by node",
    [e.item() for e in edges],
    by_formula,
    rtol=1e-12,
)
verify(
    "the product of the three factors is (1 − ŷ) x",
    np.prod([e.item() for e in edges]),
    sigmoid(0.3 - 0.8 * xi) * xi,
    rtol=1e-12,
)


# %%
def logistic_loss(w, X, y):
    return np.logaddexp(0, (1 - 2 * y) * (X @ w)).sum()


def logistic_grad(w, X, y):
    return X.T @ (sigmoid(X @ w) - y)


X50, w = np.c_[x50, np.ones(50)], np.array([0.8, -0.3])
tw = torch.tensor(w, requires_grad=True)
F.binary_cross_entropy_with_logits(
    torch.tensor(X50) @ tw, ty50, reduction="sum"
).backward()
verify("logistic gradient by autograd", logistic_grad(w, X50, y50), tw.grad, rtol=1e-10)
central = [
    (logistic_loss(w + h, X50, y50) - logistic_loss(w - h, X50, y50)) / 2e-5
    for h in 1e-5 * np.eye(2)
]
verify(
    "logistic gradient by central differences",
    logistic_grad(w, X50, y50),
    np.array(central),
    atol=1e-6,
)

# %% [markdown]
r"""
Once more by $w$: the derivative of $\sigma(x_i^\top w)$ is $\sigma(1-\sigma)x_i$, so the Hessian is

$$
\begin{aligned}
\nabla^2\ell&=\sum_i\hat y_i(1-\hat y_i)\,x_ix_i^\top=X^\top SX,\\
S&=\operatorname{diag}\bigl(\hat y_i(1-\hat y_i)\bigr),
\end{aligned}
$$ (eq-reg-logistic-hessian)

and $v^\top X^\top SXv=\sum_i\hat y_i(1-\hat y_i)(x_i^\top v)^2\ge0$: the loss is convex.
"""


# %%
def logistic_hessian(w, X):
    p = sigmoid(X @ w)
    return (X * (p * (1 - p))[:, None]).T @ X


at_w = torch.autograd.functional.hessian(
    lambda v: F.softplus(torch.tensor(1 - 2 * y50) * (torch.tensor(X50) @ v)).sum(),
    torch.tensor(w),
)
verify("logistic Hessian by autograd", logistic_hessian(w, X50), at_w, rtol=1e-10)
smallest = [
    np.linalg.eigvalsh(logistic_hessian(v, X50))[0]
    for v in np.random.default_rng(26).normal(0, 3, (1000, 2))
]
verify_at_least("smallest Hessian eigenvalue at 1000 random parameters", smallest, 0.0)

# %% [markdown]
r"""
(logistic-no-closed-form)=
### No closed form, and no harm

Setting [the gradient](#eq-reg-logistic-gradient) to zero gives equations with $e^{-w^\top x_i}$ in them, which nobody can solve for $w$. Here nonlinear optimisation begins, and with it deep learning. [Newton's method](#newton-method) replaces the loss by its quadratic model; each step $w\leftarrow w-(X^\top SX)^{-1}X^\top(\hat y-y)$ is a weighted least-squares fit, hence the old name *iteratively reweighted least squares* (IRLS). With a ridge term the same code reads
"""


# %%
def newton(X, y, steps=10, penalty=0.0):
    """All iterates; the penalty (½ penalty · w²) is a number or one per parameter."""
    way, P = [np.zeros(X.shape[1])], np.broadcast_to(penalty, X.shape[1])
    for _ in range(steps):
        w = way[-1]
        way.append(
            w
            - np.linalg.solve(
                logistic_hessian(w, X) + np.diag(P), logistic_grad(w, X, y) + P * w
            )
        )
    return np.array(way)


by_newton = newton(X50, y50)
by_descent = [np.zeros(2)]
for _ in range(400):
    by_descent.append(by_descent[-1] - 0.03 * logistic_grad(by_descent[-1], X50, y50))
norms = {
    name: np.array([np.linalg.norm(logistic_grad(w, X50, y50)) for w in way])
    for name, way in (("Newton", by_newton), ("gradient descent", by_descent))
}

# %% mystnb={"image": {"alt": "Norm of the gradient against steps on a logarithmic axis: Newton's falls to rounding within six steps, bending downwards; gradient descent falls along a straight line over many more."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3))
ax.semilogy(norms["gradient descent"][:80], color=plot.BLUE, label="gradient descent")
ax.semilogy(norms["Newton"], "o-", color=plot.RED, label="Newton (IRLS)")
ax.set(xlabel="step", ylabel="norm of the gradient")
ax.legend()
plt.show()

# %% [markdown]
r"""
Six steps and done: near the end every Newton step doubles the number of correct digits, while gradient descent wins a fixed fraction of a digit.
"""

# %%
verify_at_most("Newton: gradient norm after 10 steps", norms["Newton"][10], 1e-10)
drop = norms["Newton"]
verify_at_most(
    "Newton is quadratic: gₜ₊₁/gₜ² while above rounding", drop[1:5] / drop[:4] ** 2, 1.0
)
slow = norms["gradient descent"]
curvatures = np.linalg.eigvalsh(logistic_hessian(by_newton[-1], X50))
verify(
    "gradient descent is linear: factor per step is max |1 − ηλ|",
    (slow[80] / slow[60]) ** (1 / 20),
    abs(1 - 0.03 * curvatures).max(),
    rtol=0.01,
)
verify(
    "gradient descent reaches Newton's optimum",
    by_descent[-1],
    by_newton[-1],
    atol=1e-8,
)
verify(
    "logistic regression: BFGS finds Newton's optimum too",
    optimize.minimize(logistic_loss, [0, 0], args=(X50, y50)).x,
    by_newton[-1],
    atol=1e-4,
)
unpenalised = linear_model.LogisticRegression(C=np.inf, tol=1e-10).fit(
    x50[:, None], y50
)
verify(
    "logistic regression: scikit-learn without penalty agrees",
    [unpenalised.coef_[0, 0], unpenalised.intercept_[0]],
    by_newton[-1],
    atol=1e-4,
)

# %% [markdown]
r"""
One case has no minimiser: if a hyperplane separates the classes, scaling $w$ up makes every point more certain and the loss ever smaller. Take 20 equally spaced points on $[-1,1]$ labelled by their sign. Late in the walk only the two points at $\pm m$, $m=\frac1{19}$, still pull, with $\dot w\approx2\eta me^{-mw}$, which integrates to

$$
w(t)\approx\frac1m\log(2\eta m^2t):
$$ (eq-reg-separable)

a logarithm, slow but without end.
"""

# %%
row = np.linspace(-1, 1, 20)
up = (row > 0).astype(float)
w1, seen = 0.0, {}
for t in range(1, 100_001):
    w1 -= 0.1 * (row @ (1 / (1 + np.exp(-w1 * row)) - up))
    if t in (1000, 10_000, 100_000):
        seen[t] = w1
verify(
    "separable labels: w after 1e3, 1e4, 1e5 steps",
    list(seen.values()),
    [17.0, 38.0, 76.0],
    atol=1.0,
)
verify(
    "separable labels: w after 1e5 steps is (1/m) log(2ηm²t)",
    seen[100_000],
    19 * np.log(0.2 / 361 * 1e5),
    rtol=0.02,
)
losses = [
    logistic_loss(np.array([w]), row[:, None], up) for w in (*seen.values(), 800.0)
]
verify_at_most(
    "separable labels: the loss goes on falling, later over earlier",
    np.array(losses[1:]) / losses[:-1],
    0.5,
)
verify_at_least(
    "separable labels: the loss is still positive at w = 800", losses[-1], 1e-19
)

# %% [markdown]
r"""
:::{admonition} No formula does not mean no solution
:class: correction
**The notes say** that for logistic regression we cannot really find a solution.

**Right is:** there is no closed form. But if the classes overlap and the features have full rank, the unique minimiser exists and is found to machine precision in a few Newton steps. If the classes are separable, the infimum is not attained and the weights diverge.
:::
"""

# %%
verify_at_most(
    "overlapping classes: the gradient at Newton's answer", norms["Newton"][-1], 1e-12
)
verify_at_least(
    "overlapping classes: smallest curvature at the optimum",
    np.linalg.eigvalsh(logistic_hessian(by_newton[-1], X50))[0],
    1.0,
)

# %% [markdown]
r"""
On real data: 569 tumours, thirty measurements each, benign or malignant. Ridge with $\lambda=1$ on all weights but the intercept is what scikit-learn calls `C=1`.
"""

# %%
from sklearn.datasets import load_breast_cancer

raw, benign = load_breast_cancer(return_X_y=True)
order = np.random.default_rng(27).permutation(569)
tr, te = order[:400], order[400:]
scaled = (raw - raw[tr].mean(0)) / raw[tr].std(0)
XB = np.c_[scaled, np.ones(569)]
w_cancer = newton(XB[tr], benign[tr], 12, np.r_[np.ones(30), 0])[-1]
judge = linear_model.LogisticRegression(C=1, tol=1e-8, max_iter=5000).fit(
    scaled[tr], benign[tr]
)
verify(
    "tumours: Newton with ridge 1 gives scikit-learn's coefficients",
    w_cancer[:30],
    judge.coef_[0],
    atol=1e-4,
)
verify_at_least(
    "tumours: test accuracy", np.mean((XB[te] @ w_cancer > 0) == benign[te]), 0.95
)
hessian = logistic_hessian(w_cancer, XB[tr])
verify_at_least(
    "tumours: smallest eigenvalue of the Hessian of the loss",
    np.linalg.eigvalsh(hessian)[0],
    0.0,
)
odds = lambda v: (p := judge.predict_proba(v[None])[0])[1] / p[0]
moved = scaled[0] + np.eye(30)[4]
verify(
    "tumours: one more of feature 5 multiplies the odds by its exp(w)",
    odds(moved) / odds(scaled[0]),
    np.exp(judge.coef_[0, 4]),
    rtol=1e-9,
)

# %% mystnb={"image": {"alt": "Tumours in the plane of two standardised features, benign and malignant in two colours, over the fitted probability, with the straight boundary where it is one half and parallel lines at 10 and 90 percent."}} tags=["hide-input"]
pair = np.c_[scaled[:, [0, 1]], np.ones(569)]
w_pair = newton(pair[tr], benign[tr])[-1]
fig, ax = plt.subplots(figsize=(6.8, 3.4))
for label, colour, name in ((1, plot.BLUE, "benign"), (0, plot.ORANGE, "malignant")):
    ax.plot(*pair[te][benign[te] == label, :2].T, ".", color=colour, label=name)
lines = plot.contours(
    ax,
    lambda u, v: sigmoid(w_pair[0] * u + w_pair[1] * v + w_pair[2]),
    (-2.2, 3.2),
    (-2.2, 3.2),
    [0.1, 0.5, 0.9],
    colors="black",
)
ax.clabel(lines, fmt="%g")
ax.set(xlabel="mean radius", ylabel="mean texture")
ax.legend()
plt.show()

# %% [markdown]
r"""
### Why not squared error on the probability?

(sigmoid-mse-nonconvex)=
One could also minimise $(y-\sigma(z))^2$. Two things go wrong. First, it is not convex. For $y=1$ differentiate twice with $\sigma'=\sigma(1-\sigma)$:

$$
\begin{aligned}
\frac{d}{dz}(1-\sigma)^2&=-2(1-\sigma)\cdot\sigma(1-\sigma)=-2\sigma(1-\sigma)^2\\
\frac{d^2}{dz^2}(1-\sigma)^2&=-2\bigl[(1-\sigma)^2-2\sigma(1-\sigma)\bigr]\sigma(1-\sigma)\\
&=2\sigma(1-\sigma)^2(3\sigma-1),
\end{aligned}
$$ (eq-reg-nonconvex)

negative for $\sigma<\frac13$, that is $z<-\ln2$.
"""

# %%
z = np.linspace(-8, 8, 16_001)
squared = (1 - sigmoid(z)) ** 2
second = np.diff(squared, 2) / (z[1] - z[0]) ** 2
verify(
    "(1 − σ)²: its curvature changes sign at −ln 2",
    z[1:-1][np.flatnonzero(np.diff(np.sign(second)))[0]],
    -np.log(2),
    atol=1e-2,
)
verify("(1 − σ)²: its smallest curvature", second.min(), -0.120, atol=1e-3)
s_ = sigmoid(z[1:-1])
verify(
    "second differences, against 2σ(1 − σ)²(3σ − 1)",
    second,
    2 * s_ * (1 - s_) ** 2 * (3 * s_ - 1),
    atol=1e-5,
)

mse_of = lambda p: np.mean((y50 - sigmoid(X50 @ p)) ** 2)
rng, bulge = np.random.default_rng(28), []
for _ in range(300):
    p, q = rng.normal(0, 4, (2, 2))
    bulge.append(mse_of((p + q) / 2) - (mse_of(p) + mse_of(q)) / 2)
verify_at_least(
    "squared error of 50 points: largest bulge above a random chord", max(bulge), 0.01
)

# %% [markdown]
r"""
(mse-saturates-for-classification)=
Second, and worse, it *saturates*. With $\frac12(\sigma-y)^2$ the gradient in the score is $(\sigma(z)-y)\,\sigma(z)(1-\sigma(z))$, and the last two factors vanish for a unit that is confidently wrong: the worse the mistake, the weaker the correction. Cross-entropy cancels them and leaves $\sigma(z)-y$.
"""


# %%
def score_gradients(z, y=1.0):
    tz = torch.tensor(z, requires_grad=True)
    s = torch.sigmoid(tz)
    bce = F.binary_cross_entropy_with_logits(tz, torch.tensor(y))
    return [
        torch.autograd.grad(value, tz, retain_graph=True)[0].item()
        for value in (0.5 * (s - y) ** 2, bce)
    ]


s10 = 1 / (1 + np.exp(10))
verify(
    "z = −10, y = 1: gradients of squared error and of cross-entropy",
    score_gradients(-10.0),
    [(s10 - 1) * s10 * (1 - s10), s10 - 1],
    atol=1e-8,
)
verify_at_most(
    "z = −8, y = 1: size of the squared-error gradient, maximally wrong",
    abs(score_gradients(-8.0)[0]),
    1e-3,
)

# %%
gauss = np.random.default_rng(29).normal(size=200)
xs = np.sign(gauss) * (np.abs(gauss) + 1)  # no point near the boundary
ys = (xs > 0).astype(float)
w_ce = w_mse = -10.0  # a start that has it exactly the wrong way round
for _ in range(200):
    w_ce -= np.mean((sigmoid(w_ce * xs) - ys) * xs)
    s = sigmoid(w_mse * xs)
    w_mse -= np.mean((s - ys) * s * (1 - s) * xs)
verify_at_most(
    "cross-entropy: loss after 200 steps from w = −10",
    np.mean(np.logaddexp(0, (1 - 2 * ys) * w_ce * xs)),
    0.2,
)
verify_at_most(
    "squared error: way gone in 200 steps from w = −10", abs(w_mse + 10), 0.1
)

# %% mystnb={"image": {"alt": "Loss against the weight for one data set: cross-entropy is a convex valley with a steep left side, the squared error is flat on the left, so that a walk starting there does not move."}} tags=["hide-input"]
ws = np.linspace(-12, 12, 241)
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3))
for ax, f, end, name in (
    (axes[0], lambda w: np.logaddexp(0, -w * abs(xs)).mean(), w_ce, "cross-entropy"),
    (
        axes[1],
        lambda w: 0.5 * np.mean(sigmoid(-w * abs(xs)) ** 2),
        w_mse,
        "squared error",
    ),
):
    ax.plot(ws, [f(w) for w in ws], color=plot.BLUE)
    ax.plot(-10, f(-10), "o", color=plot.GREY, ms=9, mfc="white", label="start")
    ax.plot(end, f(end), "o", color=plot.RED, ms=5, label="after 200 steps")
    ax.set(title=name, xlabel="$w$")
axes[0].set_ylabel("loss")
axes[0].legend()
plt.show()

# %% [markdown]
r"""
(softmax)=
## More than two classes

A score $z_i$ per class now, and again the scores must become probabilities. Make them positive, then divide by the sum:

$$
\operatorname{softmax}(z)_i=\frac{e^{z_i}}{\sum_je^{z_j}} .
$$ (eq-reg-softmax)

Adding the same number to all scores changes nothing (it cancels), and for two classes $\frac{e^{z_1}}{e^{z_1}+e^{z_2}}=\sigma(z_1-z_2)$. Divide the scores by a *temperature* first: hot makes it uniform, cold makes it one-hot, a soft version of "arg max".
"""


# %%
def softmax(z):
    """Along the last axis; the largest score is shifted to 0, so nothing overflows."""
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


# %% tags=["hide-input"]
example = np.array([2.0, 1.0, 0.2, -0.5, 1.6])


def temperature(T):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3))
    left.bar(range(5), example, color=plot.GREY)
    left.set(title="scores", xlabel="class", ylim=(-1, 2.4))
    right.bar(range(5), softmax(example / T), color=plot.BLUE)
    right.set(title="softmax of scores / T", xlabel="class", ylim=(0, 1.02))
    return fig


explore(
    temperature,
    alt="Left five scores as bars, right their softmax: nearly all on the largest for small T, nearly uniform for large T",
    T=[1.0, 0.05, 0.1, 0.2, 0.5, 2.0, 5.0, 20.0],
)

# %%
rng = np.random.default_rng(31)
z = rng.normal(0, 3, (100, 5))
verify("softmax sums to one", softmax(z).sum(1), np.ones(100), rtol=1e-12)
verify("adding 7 to all scores changes nothing", softmax(z + 7), softmax(z), rtol=1e-12)
verify(
    "softmax of two classes is the sigmoid of the difference",
    softmax(z[:, :2])[:, 0],
    special.expit(z[:, 0] - z[:, 1]),
    rtol=1e-12,
)
huge = np.array([1000.0, 999.0])
with np.errstate(over="ignore", invalid="ignore"):
    naive = np.exp(huge) / np.exp(huge).sum()
verify(
    "the naive formula at scores of 1000 gives nan", bool(np.isnan(naive).all()), True
)
verify(
    "the shifted softmax at scores of 1000 does not overflow",
    softmax(huge),
    special.expit([1.0, -1.0]),
    rtol=1e-12,
)

# %% [markdown]
r"""
Its derivative, by the quotient rule with $N=\sum_je^{z_j}$: for $i=k$, $\partial_kp_i=\frac{e^{z_i}}N-\frac{e^{z_i}e^{z_i}}{N^2}=p_i-p_i^2$, and for $i\ne k$ only the denominator varies, $\partial_kp_i=-p_ip_k$. Together

$$
J=\operatorname{diag}(p)-pp^\top .
$$ (eq-reg-softmax-jacobian)

It is positive semi-definite ($v^\top Jv$ is the variance of $v_i$ when $i$ is drawn from $p$), and $J\mathbf 1=p-p=0$: the direction that changes nothing.
"""

# %%
p = softmax(example)
J = np.diag(p) - np.outer(p, p)
verify(
    "softmax Jacobian by autograd",
    J,
    torch.autograd.functional.jacobian(
        lambda v: torch.softmax(v, 0), torch.tensor(example)
    ),
    atol=1e-10,
)
verify(
    "softmax Jacobian: its null vector is 1", J @ np.ones(5), np.zeros(5), atol=1e-15
)
verify_at_least(
    "softmax Jacobian: its other eigenvalues are positive",
    np.linalg.eigvalsh(J)[1:],
    1e-3,
)
verify(
    "vᵀJv is the variance of v under p",
    example @ J @ example,
    np.average((example - p @ example) ** 2, weights=p),
    rtol=1e-12,
)

# %% [markdown]
r"""
(softmax-log-likelihood)=
### Its loss and its gradient

The negative log-likelihood of class $y$ is

$$
-\log p(y\mid x)=-z_y+\log\sum_ie^{z_i}=\log\Bigl[1+\sum_{i\ne y}e^{z_i-z_y}\Bigr].
$$ (eq-reg-softmax-nll)

The *log-sum-exp* is called the *log-partition function*; it is a smooth maximum, $\max z\le\log\sum_ie^{z_i}\le\max z+\log m$ for $m$ classes (drop all terms but the largest; replace all by the largest). Its slope is

$$
\frac\partial{\partial z_k}\log\sum_ie^{z_i}=\frac{e^{z_k}}{\sum_ie^{z_i}}=p_k,
$$

its Hessian the $J$ just computed, so it is convex. The gradient of the loss follows by subtracting the slope of $z_y$, which is $1$ for $k=y$ and $0$ otherwise:

$$
\frac{\partial}{\partial z_k}\bigl(-\log p(y\mid x)\bigr)=p_k-\mathbb 1[k=y].
$$ (eq-reg-softmax-gradient)

With $z=W^\top x$ the chain rule multiplies by $x$. Stack the examples as rows of $X$, the probabilities as rows of $P$ and the one-hot labels as rows of $Y$:

$$
\nabla_W\ell=X^\top(P-Y),
$$ (eq-reg-softmax-matrix)

prediction minus truth, times the input, for the third time.
"""

# %%
z, label = rng.normal(0, 3, (1000, 6)), rng.integers(0, 6, 1000)
z_y = z[np.arange(1000), label]
lse = special.logsumexp(z, axis=1)
others = np.exp(z - z_y[:, None]).sum(1) - 1
library = F.cross_entropy(torch.tensor(z), torch.tensor(label), reduction="none")
for name, form in {
    "−log softmax": -np.log(softmax(z)[np.arange(1000), label]),
    "−z_y + log-sum-exp": lse - z_y,
    "log(1 + Σ exp(zᵢ − z_y))": np.log1p(others),
}.items():
    verify(f"{name}, against torch's cross_entropy", form, library, atol=1e-10)
verify_at_least("log-sum-exp minus the largest score", lse - z.max(1), 0.0)
verify_at_most(
    "log-sum-exp of 6 scores minus the largest is at most log 6",
    lse - z.max(1),
    np.log(6),
)
tz = torch.tensor(z, requires_grad=True)
torch.logsumexp(tz, 1).sum().backward()
verify("the gradient of log-sum-exp is softmax", softmax(z), tz.grad, atol=1e-10)

# %% [markdown]
r"""
(multinomial-logistic-regression)=
### Digits

*Multinomial logistic regression* (softmax regression) puts linear scores $z_i=w_i^\top x$ into the softmax:

$$
p(y\mid x)=\frac{e^{w_y^\top x}}{\sum_ie^{w_i^\top x}} .
$$ (eq-reg-multinomial)

Adding one vector to all $w_i$ changes nothing, so one class may be fixed at $w_1=0$; for two classes what remains is [logistic regression](#eq-reg-logistic) with $w=w_2-w_1$. A ridge term picks one of the many equivalent solutions, the one whose weight vectors sum to zero. Train on 1400 images of digits with the gradient derived above:
"""

# %%
digits = data.digits()
XI = np.c_[digits.X_train, np.ones(1400)]  # (1400, 65)
YI = np.eye(10)[digits.y_train]  # (1400, 10), one-hot
shrunk = np.r_[np.ones(64), 0][:, None]  # no penalty on the intercepts


def softmax_loss_grad(flat):
    W = flat.reshape(65, 10)
    Z = XI @ W
    value = (
        special.logsumexp(Z, axis=1).sum()
        - (Z * YI).sum()
        + 0.5 * (shrunk * W**2).sum()
    )
    return value, (XI.T @ (softmax(Z) - YI) + shrunk * W).ravel()


probe = np.random.default_rng(32).normal(size=(65, 10))
tW = torch.tensor(probe, requires_grad=True)
(
    F.cross_entropy(
        torch.tensor(XI) @ tW, torch.tensor(digits.y_train), reduction="sum"
    )
    + 0.5 * (torch.tensor(shrunk) * tW**2).sum()
).backward()
verify(
    "digits: Xᵀ(P − Y) with ridge, against autograd",
    softmax_loss_grad(probe.ravel())[1].reshape(65, 10),
    tW.grad,
    rtol=1e-9,
    atol=1e-9,
)

# %%
found = optimize.minimize(
    softmax_loss_grad,
    np.zeros(650),
    jac=True,
    method="L-BFGS-B",
    options={"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-5},
)
W_digits = found.x.reshape(65, 10)
XT = np.c_[digits.X_test, np.ones(len(digits.X_test))]
verify_at_least(
    "digits: test accuracy", np.mean((XT @ W_digits).argmax(1) == digits.y_test), 0.95
)
verify(
    "fixing w₁ = 0 changes no probability",
    softmax(XT @ (W_digits - W_digits[:, :1])),
    softmax(XT @ W_digits),
    atol=1e-12,
)
two_classes = softmax(XT @ W_digits[:, :2])[:, 1]
verify(
    "two classes: the sigmoid of (w₂ − w₁)ᵀx",
    two_classes,
    sigmoid(XT @ (W_digits[:, 1] - W_digits[:, 0])),
    atol=1e-12,
)
verify(
    "ridge makes the weight vectors sum to zero",
    W_digits[:64].sum(1),
    np.zeros(64),
    atol=1e-4,
)

# %% [markdown]
r"""
## One family

(margin-based-losses)=
### Losses and margins

Recode the labels as $y=\pm1$ and let $\hat y\in\mathbb R$ be the score. The *margin* $m=y\hat y$ is positive if the sign is right, and large if it is right with room to spare. The losses of this chapter are functions of it alone:

| loss | as a function of the margin |
|---|---|
| 0/1 | $\mathbb 1[m\le0]$ |
| squared | $(1-m)^2$, because $y^2=1$ gives $(y-\hat y)^2=y^2(y-\hat y)^2=(1-m)^2$ |
| logistic | $\log(1+e^{-m})$, divided by $\log2$ to pass through $1$ at $m=0$ |
| hinge | $\max(0,1-m)$ |
"""

# %% mystnb={"image": {"alt": "Four losses against the margin: the 0/1 step; above it the hinge, a falling line that is zero beyond margin 1, the logistic, a smooth fall, and the parabola of the squared loss, which rises again beyond margin 1."}} tags=["hide-input"]
m = np.linspace(-3, 3, 601)
by_margin = {
    "0/1": (m <= 0).astype(float),
    "squared": (1 - m) ** 2,
    "logistic / log 2": np.logaddexp(0, -m) / np.log(2),
    "hinge": np.maximum(0, 1 - m),
}
fig, ax = plt.subplots(figsize=(6.8, 3.2))
for (name, values), colour in zip(
    by_margin.items(), ("black", plot.ORANGE, plot.BLUE, plot.RED)
):
    ax.plot(m, values, color=colour, label=name)
ax.set(xlabel="margin $m$", ylabel="loss", ylim=(-0.1, 4.5))
ax.legend()
plt.show()

# %%
for name in ("squared", "logistic / log 2", "hinge"):
    verify_at_least(
        f"{name} minus 0/1 loss on [−3, 3]: the former is an upper bound",
        by_margin[name] - by_margin["0/1"],
        0.0,
    )
    rises = bool(np.any(np.diff(by_margin[name][m > 1.001]) > 1e-12))
    verify(f"{name} loss: does it rise beyond margin 1?", rises, name == "squared")
scores = np.random.default_rng(33).normal(0, 2, 100)
for sign in (-1, 1):
    verify(
        f"y = {sign}: (y − ŷ)² = (1 − m)²",
        (sign - scores) ** 2,
        (1 - sign * scores) ** 2,
        rtol=1e-12,
    )

# %% [markdown]
r"""
That rise is what ruined the opening: the far points had a margin of almost twenty, and the parabola sends a bill for it.

(hinge-loss)=
The *hinge loss* $\frac1n\sum_i\max(0,1-y_i\hat y_i)$ is the one that stops caring: beyond margin 1 a point has no influence at all. With a small ridge it is the *support vector machine* {cite:p}`cortes1995`. It has a kink, so descent uses a subgradient: $-y_ix_i$ for the points inside the margin, zero for the others.
"""

# %%
from sklearn.svm import LinearSVC

verify(
    "hinge at margins −1, 0, 1, 2",
    np.maximum(0, 1 - np.array([-1.0, 0.0, 1.0, 2.0])),
    [2.0, 1.0, 0.0, 0.0],
)
rng = np.random.default_rng(34)
blob_y = np.repeat([-1.0, 1.0], 50)
blobs = rng.normal(0, 0.6, (100, 2)) + blob_y[:, None] * [2.0, 1.0]


def hinge_descent(X, y, lam, steps=20_000):
    """Subgradient descent on hinge + (lam / 2)‖w‖²; the average of the last half."""
    w, kept = np.zeros(X.shape[1]), []
    for t in range(steps):
        inside = y * (X @ w) < 1
        w = w - 1 / (lam * (t + 1000)) * (lam * w - (y * inside) @ X / len(y))
        if t >= steps // 2:
            kept.append(w)
    return np.mean(kept, axis=0)


# %%
w = np.zeros(2)
for _ in range(2000):
    w = w + 0.1 * (blob_y * (blob_y * (blobs @ w) < 1)) @ blobs / 100
verify_at_most(
    "separable blobs: hinge loss after 2000 subgradient steps",
    np.mean(np.maximum(0, 1 - blob_y * (blobs @ w))),
    1e-3,
)
svm = (
    LinearSVC(
        loss="hinge", C=1e3, fit_intercept=False, max_iter=1_000_000, random_state=0
    )
    .fit(blobs, blob_y)
    .coef_[0]
)
ours = hinge_descent(blobs, blob_y, 1e-3)
verify_at_least(
    "cosine between our direction and scikit-learn's SVM",
    ours @ svm / np.linalg.norm(ours) / np.linalg.norm(svm),
    0.99,
)

# %% [markdown]
r"""
(generalized-linear-model)=
### Generalised linear models

Linear, logistic, softmax: three times the gradient was prediction minus truth, times the input. The pattern has a name. In a *generalised linear model*

$$
\mathbb E[y\mid x]=\sigma(w^\top x)
$$ (eq-reg-glm)

with an invertible $\sigma$; its inverse is the *link function*. (Extensions model the spread as well.) A neural network replaces $w^\top x$ by something nonlinear and keeps the rest: its output unit is the inverse link.

| answer | distribution | link | inverse link | loss |
|---|---|---|---|---|
| real number | Gaussian | identity | identity | squared error |
| yes or no | Bernoulli | logit | sigmoid | binary cross-entropy |
| one of $m$ | categorical | log-odds | softmax | cross-entropy |
| count | Poisson | log | exp | $\mu-y\log\mu$ |

*Why* the pattern: each of these is $p(y)\propto e^{yz-A(z)}$ in its score $z$, and probabilities sum to one. Differentiating $\sum_yh(y)e^{yz-A(z)}=1$ in $z$ gives

$$
\sum_yh(y)\,e^{yz-A(z)}\bigl(y-A'(z)\bigr)=\mathbb E[y]-A'(z)=0,
$$

so $A'(z)=\mathbb E[y\mid x]=\hat\mu$, and $-\log p$ has the slope $A'(z)-y=\hat\mu-y$ in $z$. With $z=w^\top x$,

$$
\nabla_w\ell=X^\top(\hat\mu-y).
$$ (eq-reg-glm-gradient)

We have not used it for counts yet. There $A=e^z$, so the slope of the loss is $e^z-y$ and the weight of Newton's method $e^z$:
"""

# %%
rng = np.random.default_rng(35)
XP = np.c_[rng.normal(size=(1000, 3)), np.ones(1000)]
counts = rng.poisson(np.exp(XP @ [0.5, -0.3, 0.2, 0.4])).astype(float)
at = rng.normal(0, 0.3, 4)
tw = torch.tensor(at, requires_grad=True)
F.poisson_nll_loss(
    torch.tensor(XP) @ tw, torch.tensor(counts), reduction="sum"
).backward()
verify(
    "Poisson: the gradient is Xᵀ(μ̂ − y), by autograd",
    XP.T @ (np.exp(XP @ at) - counts),
    tw.grad,
    atol=1e-8,
)


# %%
def glm(X, y, mean, weight, steps=25):
    """Newton's method: mean = A′ and weight = A″ as functions of the score."""
    w = np.zeros(X.shape[1])
    for _ in range(steps):
        z = X @ w
        w = w + np.linalg.solve((X * weight(z)[:, None]).T @ X, X.T @ (y - mean(z)))
    return w


poisson = linear_model.PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000).fit(
    XP[:, :3], counts
)
verify(
    "Poisson regression, against scikit-learn",
    glm(XP, counts, np.exp, np.exp),
    np.r_[poisson.coef_, poisson.intercept_],
    atol=1e-3,
)
verify(
    "identity link: the same code is least squares",
    glm(X5, y5, lambda z: z, np.ones_like),
    roads["QR"],
    atol=1e-8,
)
verify(
    "logit link: the same code is logistic regression",
    glm(X50, y50, sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    by_newton[-1],
    atol=1e-10,
)

# %% [markdown]
r"""
(headline-bayes)=
## The headline: as good as any classifier can be

How good is "good"? Usually nobody knows what the best possible accuracy is. Here we do. Two classes, equally likely, spherical Gaussians in $\mathbb R^p$ with their centres at $\pm\frac d2e_1$. By [the rule of the most probable class](#zero-one-loss) compare the two densities; the squares cancel,

$$
\begin{aligned}
\log\frac{p(x\mid1)}{p(x\mid0)}&=-\tfrac12\bigl\|x-\tfrac d2e_1\bigr\|^2+\tfrac12\bigl\|x+\tfrac d2e_1\bigr\|^2\\
&=d\,x_1 ,
\end{aligned}
$$

and what is left is *exactly* a logistic regression, with $w=d\,e_1$ and no offset. The best rule cuts at $x_1=0$ and errs when a standard Gaussian strays by more than $\frac d2$:

$$
\text{Bayes error}=\Phi\bigl(-\tfrac d2\bigr).
$$ (eq-reg-bayes-gauss)

Drag $d$, and watch the part of the plane that no classifier can ever get right.
"""

# %% tags=["hide-input"]
cloud = np.random.default_rng(36).normal(size=(2, 300, 2))


def two_clouds(d):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    t = np.linspace(-5.5, 5.5, 400)
    for sign, colour in ((-1, plot.ORANGE), (1, plot.BLUE)):
        points = cloud[(sign + 1) // 2] + [sign * d / 2, 0]
        left.plot(*points.T, ".", ms=3, color=colour)
        density = stats.norm.pdf(t - sign * d / 2)
        right.plot(t, density, color=colour)
        right.fill_between(t, density, where=sign * t < 0, color=plot.RED, alpha=0.35)
    left.axvline(0, color="black", lw=1)
    left.set(xlim=(-5.5, 5.5), ylim=(-3.5, 3.5), xlabel="$x_1$", ylabel="$x_2$")
    right.set(
        xlabel="$x_1$",
        ylim=(0, 0.42),
        title=f"Bayes error {100 * stats.norm.cdf(-d / 2):.1f} %",
    )
    return fig


explore(
    two_clouds,
    alt="Left two clouds of points at distance d and the best boundary between them, right their densities with the overlap on the wrong side, whose area is the Bayes error",
    d=[2.0, 0.5, 1.0, 1.5, 2.5, 3.0, 4.0, 5.0],
)

# %% [markdown]
r"""
First the error itself, with $d=2$ in five dimensions: fit on 20 000 points by the Newton method from above, test on 400 000 fresh ones.
"""

# %%
d, dim = 2.0, 5
bayes = stats.norm.cdf(-d / 2)


def two_gaussians(rng, *shape):
    """Inputs with a trailing one, (*shape, dim + 1), and labels, shape."""
    y = rng.integers(0, 2, shape).astype(float)
    X = np.concatenate([rng.normal(size=(*shape, dim)), np.ones((*shape, 1))], -1)
    X[..., 0] += d * (y - 0.5)
    return X, y


rng = np.random.default_rng(37)
w_gauss = newton(*two_gaussians(rng, 20_000), steps=8)[-1]
X_fresh, y_fresh = two_gaussians(rng, 400_000)
mistakes = ((X_fresh @ w_gauss > 0) != y_fresh).astype(float)
se = mistakes.std() / np.sqrt(len(mistakes))
headline(
    "Test error of the fitted logistic regression, and the Bayes error Φ(−d/2)",
    mistakes.mean(),
    bayes,
    rtol=se / bayes,
)
verify_within_se(
    "400 000 test answers: their error is within one standard error of Bayes",
    mistakes,
    bayes,
    sigmas=1.0,
)

# %% [markdown]
r"""
Second, how fast it gets there. A hyperplane with unit normal at the angle $\alpha$ to $e_1$ and offset $t$ errs with probability

$$
\tfrac12\Phi\bigl(-\tfrac d2\cos\alpha-t\bigr)+\tfrac12\Phi\bigl(-\tfrac d2\cos\alpha+t\bigr),
$$ (eq-reg-rule-error)

exactly, so no test set is needed. Near the best rule, $\cos\alpha\approx1-\frac{\alpha^2}2$ contributes $\varphi(\frac d2)\frac d2\frac{\alpha^2}2$, and the two offsets, through $\Phi''(u)=-u\varphi(u)$ at $u=-\frac d2$, contribute $\frac{t^2}2\frac d2\varphi(\frac d2)$: 

$$
\text{excess}\approx\tfrac d4\,\varphi\bigl(\tfrac d2\bigr)\,(\alpha^2+t^2).
$$ (eq-reg-excess)

If the fitted weights deviate by $\delta$ from $(d,0,\dots,0)$ and the intercept by $\delta_0$, then $\alpha^2\approx\sum_{j\ge2}\delta_j^2/d^2$ and $t^2\approx\delta_0^2/d^2$. Maximum likelihood deviates by the inverse of [the Hessian](#eq-reg-logistic-hessian), which here is $nA_0$ in each of these $p$ coordinates,

$$
A_0=\mathbb E\bigl[\sigma(dx_1)(1-\sigma(dx_1))\bigr],
$$

because the other coordinates of $x$ are standard Gaussians independent of $x_1$. So each $\mathbb E\delta_j^2=\frac1{nA_0}$, and the excess falls as $1/n$, with a constant {cite:p}`efron1975`:

$$
n\cdot\mathbb E[\text{excess}]\;\longrightarrow\;\frac{p\,\varphi(d/2)}{4\,d\,A_0} .
$$ (eq-reg-excess-limit)

The simulation: 600 training sets for each $n$, all fitted at once.
"""


# %%
def fit_many(X, y, steps=7):
    """Newton for a stack of data sets: X (sets, n, p + 1), y (sets, n)."""
    w = np.zeros((len(X), X.shape[2]))
    for _ in range(steps):
        prob = special.expit((X @ w[..., None])[..., 0])
        H = (X * (prob * (1 - prob))[..., None]).swapaxes(1, 2) @ X
        g = ((prob - y)[:, None] @ X)[:, 0]
        w = w - np.linalg.solve(H, g[..., None])[..., 0]
    return w


def exact_error(w):
    length = np.linalg.norm(w[:, :dim], axis=1)
    cos, t = w[:, 0] / length, w[:, dim] / length
    return (stats.norm.cdf(-d / 2 * cos - t) + stats.norm.cdf(-d / 2 * cos + t)) / 2


rng, sizes = np.random.default_rng(38), np.array([100, 200, 400, 800, 1600])
excess = np.array(
    [exact_error(fit_many(*two_gaussians(rng, 600, n))) - bayes for n in sizes]
)  # (5, 600)

# %%
axis = np.linspace(-10, 10, 4001)
mixture = (stats.norm.pdf(axis - d / 2) + stats.norm.pdf(axis + d / 2)) / 2
A0 = (mixture * sigmoid(d * axis) * sigmoid(-d * axis)).sum() * (axis[1] - axis[0])
limit = dim * stats.norm.pdf(d / 2) / (4 * d * A0)
verify(
    "exact error of the classifier tested above, against its 400 000 tests",
    exact_error(w_gauss[None])[0],
    mistakes.mean(),
    atol=4 * se,
)
verify_at_least(
    "smallest excess of 3000 classifiers: none beats Bayes", excess.min(), 0.0
)
verify_within_se("n · excess at n = 800, against the limit", 800 * excess[3], limit)
verify_within_se("n · excess at n = 1600, against the limit", 1600 * excess[4], limit)
slope = np.polyfit(np.log(sizes[1:]), np.log(excess[1:].mean(1)), 1)[0]
verify("slope of log excess over log n: the excess falls as 1/n", slope, -1.0, atol=0.1)

# %% mystnb={"image": {"alt": "Mean excess of the error over the Bayes error against the number of training points, double logarithmic: the measured dots lie on the predicted line of slope minus one."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3.1))
ax.loglog(sizes, limit / sizes, color=plot.GREY, label=f"{limit:.2f} / n, predicted")
ax.errorbar(
    sizes,
    excess.mean(1),
    2 * excess.std(1) / np.sqrt(600),
    fmt="o",
    color=plot.RED,
    label="600 fits each, ± 2 s.e.",
)
ax.set(xlabel="training points $n$", ylabel="error minus Bayes error")
ax.legend()
plt.show()

# %% [markdown]
r"""
What to remember: the Bayes error is a wall, the distance to the wall is (parameters)/(data) times a constant, and the constant can be computed.
"""

# %% [markdown]
r"""
(regression-practice)=
## In practice

Nobody writes Newton's method for logistic regression at work. The digits once more, by scikit-learn and by torch, against the softmax regression made by hand. Note how each spells the same penalty: our $\frac\lambda2\|W\|^2$ on a *summed* loss is `C = 1/λ` there, and `weight_decay = λ/n` on a *mean* loss in torch.
"""

# %%
by_sklearn = linear_model.LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(
    digits.X_train, digits.y_train
)
verify(
    "digits: our weights, against scikit-learn's",
    W_digits[:64].T,
    by_sklearn.coef_,
    atol=1e-3,
)
verify(
    "digits: our probabilities, against scikit-learn's",
    softmax(XT @ W_digits),
    by_sklearn.predict_proba(digits.X_test),
    atol=1e-4,
)

# %%
torch.manual_seed(0)
images, labels = torch.tensor(digits.X_train), torch.tensor(digits.y_train)
layer = torch.nn.Linear(64, 10)
lbfgs = torch.optim.LBFGS(
    layer.parameters(),
    max_iter=400,
    tolerance_grad=1e-9,
    tolerance_change=1e-14,
    line_search_fn="strong_wolfe",
)


def objective():
    lbfgs.zero_grad()
    value = F.cross_entropy(layer(images), labels) + (layer.weight**2).sum() / 2 / 1400
    value.backward()
    return value


lbfgs.step(objective)
verify(
    "digits: torch's linear layer and cross_entropy reach the same weights",
    layer.weight,
    W_digits[:64].T,
    atol=1e-3,
)
decayed = torch.nn.Linear(64, 10)
decayed.load_state_dict(layer.state_dict())
step = torch.optim.SGD(
    [
        {"params": [decayed.weight], "weight_decay": 1 / 1400},
        {"params": [decayed.bias]},
    ],
    lr=1.0,
)
F.cross_entropy(decayed(images), labels).backward()
step.step()
verify(
    "weight_decay = λ/n: SGD has nothing left to do at the optimum",
    decayed.weight,
    layer.weight,
    atol=1e-6,
)

# %% [markdown]
r"""
How to choose $\lambda$? By cross-validation, with everything that learns from data *inside* the folds. A pipeline does that. The winner is then measured once on the test set.
"""

# %%
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

pipeline = make_pipeline(
    preprocessing.PolynomialFeatures(15, include_bias=False),
    preprocessing.StandardScaler(),
    linear_model.Ridge(),
)
search = GridSearchCV(
    pipeline,
    {"ridge__alpha": 10.0 ** np.arange(-8, 4)},
    cv=5,
    scoring="neg_mean_squared_error",
).fit(x30[:, None], y30)
error = np.mean((search.predict(grid[:, None]) - truth(grid)) ** 2)
verify_at_most(
    "degree 15 with ridge chosen by cross-validation: test error", error, 0.03
)
verify_at_least(
    "degree 15: test error without penalty over that with the chosen λ",
    test_curve[15] / error,
    100.0,
)

# %% [markdown]
r"""
| you have | start with | because |
|---|---|---|
| a number to predict | ridge on standardised features | closed form, one knob |
| many features, few of them relevant | lasso, then look at what is left | [exact zeros](#lasso) |
| outliers | absolute or Huber loss | [the median](#absolute-error-loss) |
| classes | logistic or softmax regression with a penalty | [convex](#eq-reg-logistic-hessian), calibrated, hard to beat on little data |
| counts | Poisson regression | [the link](#generalized-linear-model) keeps predictions positive |
"""

# %% [markdown]
r"""
## Beware

**Softmax twice.** `cross_entropy` wants *scores*. Give it probabilities and it takes the softmax of numbers between 0 and 1: even a perfect prediction costs $\log\bigl(1+9e^{-1}\bigr)=1.46$, training crawls, and nothing complains.
"""

# %%
perfect = torch.eye(10)
verify(
    "cross_entropy of perfect probabilities, ten classes",
    F.cross_entropy(perfect, torch.arange(10)),
    np.log(1 + 9 / np.e),
    rtol=1e-12,
)
verify_at_most(
    "cross_entropy of perfect scores",
    F.cross_entropy(100 * perfect, torch.arange(10)),
    1e-12,
)

# %% [markdown]
r"""
**A penalty has units.** Measure a length in millimetres instead of metres and its coefficient shrinks a thousandfold, and with it its penalty. Least squares does not notice; ridge predicts differently. Standardise first, or mean it.
"""

# %%
in_mm = Xd * np.where(np.arange(10) == 2, 1000.0, 1.0)  # the body mass index
predictions = [
    [model.fit(A, yd).predict(A) for A in (Xd, in_mm)]
    for model in (linear_model.LinearRegression(), linear_model.Ridge(alpha=300.0))
]
verify(
    "least squares: predictions before and after a change of units",
    predictions[0][0],
    predictions[0][1],
    atol=1e-8,
)
verify_at_least(
    "ridge: largest change of a prediction by a change of units",
    abs(predictions[1][0] - predictions[1][1]).max(),
    0.05,
)

# %% [markdown]
r"""
**Some libraries penalise unasked.** scikit-learn's `LogisticRegression` has `C=1` by default. On the separable points of above it reports a modest weight, where the likelihood has no maximum at all.
"""

# %%
default = linear_model.LogisticRegression().fit(row[:, None], up).coef_[0, 0]
own = newton(row[:, None], up, 20, 1.0)[-1][0]
verify(
    "default C = 1 on separable points is Newton with ridge 1", default, own, rtol=1e-3
)
verify_at_least(
    "gradient descent without penalty had reached, in multiples of it",
    seen[100_000] / default,
    10.0,
)

# %% [markdown]
r"""
**Choosing features before splitting.** Take 2000 columns of pure noise, keep the twenty that correlate best with coin-flip labels, and cross-validate. The validation folds have already voted on which columns to keep, so they confirm what they voted for.
"""

# %%
rng = np.random.default_rng(39)
noise_X, coin = rng.normal(size=(60, 2000)), np.tile([0, 1], 30)


def best_columns(X, y):
    return np.argsort(-abs((X - X.mean(0)).T @ (y - y.mean())))[:20]


model = linear_model.LogisticRegression()
leaky = cross_val_score(
    model, noise_X[:, best_columns(noise_X, coin)], coin, cv=5
).mean()
clean = []
for out in np.arange(60).reshape(5, 12):
    inn = np.setdiff1d(np.arange(60), out)
    keep = best_columns(noise_X[inn], coin[inn])
    clean.append(
        model.fit(noise_X[inn][:, keep], coin[inn]).score(
            noise_X[out][:, keep], coin[out]
        )
    )
verify_at_least("pure noise, columns chosen before splitting: accuracy", leaky, 0.8)
verify_at_most(
    "pure noise, columns chosen inside the folds: distance from ½",
    abs(np.mean(clean) - 0.5),
    0.2,
)

# %% [markdown]
r"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""


# %% tags=["remove-cell"] jupyter={"source_hidden": true}
@exercise.define("reg-weighted")
def _(answer):
    rng = np.random.default_rng(0)
    X, y, c = rng.normal(size=(30, 3)), rng.normal(size=30), rng.uniform(0.1, 3, 30)
    theta = np.asarray(answer(X, y, c))
    assert theta.shape == (3,), "the answer is a vector of three parameters"
    best = optimize.minimize(lambda t: (c * (y - X @ t) ** 2).sum(), np.zeros(3)).x
    assert np.allclose(theta, best, atol=1e-4), (
        "a numerical search finds a lower weighted loss elsewhere"
    )


@exercise.define("reg-leave-one-out")
def _(answer):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(25, 4)), rng.normal(size=25)
    refit = []
    for i in range(25):
        rest = np.arange(25) != i
        refit.append(y[i] - X[i] @ np.linalg.lstsq(X[rest], y[rest], rcond=None)[0])
    assert np.shape(answer(X, y)) == (25,), "one error per example"
    assert np.allclose(answer(X, y), refit), "it differs from 25 separate refits"


@exercise.define("reg-quantile")
def _(answer):
    numbers = stats.expon.ppf((np.arange(2000) + 0.5) / 2000)
    values = np.linspace(0, 6, 1201)
    best = values[np.argmin([np.sum(answer(numbers - c)) for c in values])]
    assert abs(best - np.quantile(numbers, 0.9)) < 0.02, (
        f"its best constant is {best:.2f}; the 90 % quantile is "
        f"{np.quantile(numbers, 0.9):.2f}"
    )


@exercise.define("reg-half")
def _(answer):
    X = np.diag([3.0, 1.0])
    theta = np.linalg.solve(X.T @ X + answer * np.eye(2), X.T @ np.array([3.0, 1.0]))
    assert abs(theta[0] - 0.5) < 1e-9, f"the first coefficient becomes {theta[0]:.3f}"


@exercise.define("reg-threshold")
def _(answer):
    w = np.linspace(-5, 5, 100_001)
    best = w[np.argmin(2 * (w - 3) ** 2 + 2 * abs(w))]
    assert abs(answer - best) < 1e-3, "a grid search finds a lower point"


@exercise.define("reg-elastic")
def _(answer):
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(80, 10)), rng.normal(size=80)
    y = y + X[:, 0]
    theirs = (
        linear_model.ElasticNet(
            alpha=0.3, l1_ratio=0.5, fit_intercept=False, tol=1e-12, max_iter=100_000
        )
        .fit(X, y)
        .coef_
    )
    ours = np.zeros(10)
    for _ in range(300):
        for j in range(10):
            r, h = y - X @ ours, np.mean(X[:, j] ** 2)
            ours[j] = answer(ours[j] + X[:, j] @ r / 80 / h, h, 0.15, 0.15)
    assert np.allclose(ours, theirs, atol=1e-6), (
        "coordinate descent with your update ends elsewhere than scikit-learn"
    )


@exercise.define("reg-odds")
def _(answer):
    p = 0.2
    for _ in range(2):  # one cigarette more, twice
        z = np.log(p / (1 - p)) + 0.7
        p = 1 / (1 + np.exp(-z))
    assert abs(answer - p) < 1e-3, "add to the log-odds, then turn back"


@exercise.define("reg-softmax-gradient")
def _(answer):
    rng = np.random.default_rng(4)
    X, W, y = rng.normal(size=(12, 3)), rng.normal(size=(3, 4)), rng.integers(0, 4, 12)
    tW = torch.tensor(W, requires_grad=True)
    F.cross_entropy(torch.tensor(X) @ tW, torch.tensor(y)).backward()
    assert np.shape(answer(W, X, y)) == (3, 4), "the gradient has the shape of W"
    if np.allclose(answer(W, X, y), 12 * tW.grad.numpy()):
        return "that is the gradient of the sum; the mean is asked for"
    assert np.allclose(answer(W, X, y), tW.grad.numpy()), "autograd says otherwise"


@exercise.define("reg-distance")
def _(answer):
    miss = stats.norm.cdf(-answer / 2)
    assert abs(miss - 0.01) < 1e-5, f"at your distance the Bayes error is {miss:.4f}"


@exercise.define("reg-unequal")
def _(answer):
    t = np.linspace(-6, 6, 120_001)
    risk = 0.1 * stats.norm.cdf(t - 1) + 0.9 * stats.norm.sf(t + 1)
    assert abs(answer - t[risk.argmin()]) < 1e-3, (
        f"a cut at {t[risk.argmin()]:.2f} has fewer errors"
        if answer is not None
        else "a number is asked for"
    )


@exercise.define("reg-project")
def _(answer):
    errors = []
    for seed in range(100, 115):
        rng = np.random.default_rng(seed)
        x, y = sample(rng, 40)
        predict = answer(x, y)
        errors.append(np.mean((predict(grid) - truth(grid)) ** 2))
    assert np.median(errors) < 0.012, (
        f"the median test error over 15 data sets is {np.median(errors):.4f}"
    )
    assert max(errors) < 0.2, (
        f"the worst of 15 data sets has test error {max(errors):.2f}"
    )


# %% [markdown]
r"""
:::{exercise} Some points count more
:label: ex-reg-weighted
Derive the minimiser of $\sum_ic_i(y_i-x_i^\top\theta)^2$ for weights $c_i>0$ and write it as a function. (Each Newton step of logistic regression is such a fit.)
:::
"""

# %%
weighted = ...  # a function of X, y and the vector c

exercise("reg-weighted").check(weighted)

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
Let $\hat y=Hy$ with the projection $H=X(X^\top X)^{-1}X^\top$. The error at point $i$ of a fit *without* point $i$ is $(y_i-\hat y_i)/(1-H_{ii})$. Return all of them from a single fit. (Why is it true? Replace $y_i$ by the left-out prediction: then the full fit is the left-out fit.)
:::
"""

# %%
leave_one_out = ...  # a function of X and y, returning n errors

exercise("reg-leave-one-out").check(leave_one_out)

# %% [markdown]
r"""
<details><summary>Solution</summary>

With $\tilde y_i$ the left-out prediction in place of $y_i$, the full fit predicts $\tilde y_i$ at $i$. By linearity $\tilde y_i=\hat y_i+H_{ii}(\tilde y_i-y_i)$; subtract both sides from $y_i$ and solve.

```python
def leave_one_out(X, y):
    H = X @ np.linalg.pinv(X)
    return (y - H @ y) / (1 - np.diag(H))
```

</details>

:::{exercise} A loss for the 90 % quantile
:label: ex-reg-quantile
The absolute error is minimised by the median. Which loss of the residual $r=y-c$ is minimised by the 90 % quantile?
:::
"""

# %%
quantile_loss = ...  # a function of an array of residuals r = y - c

exercise("reg-quantile").check(quantile_loss)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Let points above $c$ pull with $0.9$ and points below with $0.1$. The pulls balance when nine tenths of the points lie below.

```python
quantile_loss = lambda r: np.maximum(0.9 * r, -0.1 * r)
```

</details>

:::{exercise} Half
:label: ex-reg-half
$X=\operatorname{diag}(3,1)$, $y=(3,1)^\top$, so that least squares gives $(1,1)$. Which $\lambda$ makes ridge halve the first coefficient? What does it do to the second?
:::
"""

# %%
half_lambda = ...  # a number

exercise("reg-half").check(half_lambda)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac{9}{9+\lambda}=\frac12$ for $\lambda=9$. The second becomes $\frac1{10}$: the weaker direction suffers more.

```python
half_lambda = 9.0
```

</details>

:::{exercise} With curvature four
:label: ex-reg-threshold
Minimise $2(w-3)^2+2\lvert w\rvert$.
:::
"""

# %%
threshold_answer = ...  # a number

exercise("reg-threshold").check(threshold_answer)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$2(w-3)^2=\frac12\cdot4\,(w-3)^2$ has the curvature $h=4$, so the threshold is $\mu/h=\frac24$ and $w=3-\frac12$.

```python
threshold_answer = 2.5
```

</details>

:::{exercise} Elastic net
:label: ex-reg-elastic
Add both penalties: $\frac1{2n}\|y-X\theta\|^2+\lambda_1\|\theta\|_1+\frac{\lambda_2}2\|\theta\|^2$. In coordinate descent, $\theta_j$ minimises $\frac h2(w-w_0)^2+\lambda_1\lvert w\rvert+\frac{\lambda_2}2w^2$. Find the minimiser.
:::
"""

# %%
elastic = ...  # a function of w0, h, lambda1, lambda2

exercise("reg-elastic").check(elastic)

# %% [markdown]
r"""
<details><summary>Solution</summary>

For $w>0$: $h(w-w_0)+\lambda_1+\lambda_2w=0$, so $w=(hw_0-\lambda_1)/(h+\lambda_2)$; the other cases are as before.

```python
elastic = lambda w0, h, lambda1, lambda2: soft(h * w0, lambda1) / (h + lambda2)
```

</details>

:::{exercise} Odds
:label: ex-reg-odds
A model gives a patient the probability $0.2$. The coefficient of "cigarettes per day" is $0.7$. What is the probability for a patient who differs only by two more cigarettes?
:::
"""

# %%
odds_answer = ...  # a probability

exercise("reg-odds").check(odds_answer)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The odds $\frac14$ are multiplied by $e^{1.4}$, to $1.01$: a probability of one half.

```python
odds_answer = 0.25 * np.exp(1.4) / (1 + 0.25 * np.exp(1.4))
```

</details>

:::{exercise} The softmax gradient
:label: ex-reg-softmax-gradient
Write the gradient in $W$ of the *mean* cross-entropy of softmax regression, for integer labels $y$, without a loop over examples.
:::
"""

# %%
softmax_gradient = ...  # a function of W, X, y

exercise("reg-softmax-gradient").check(softmax_gradient)

# %% [markdown]
r"""
<details><summary>Solution</summary>

[The formula](#eq-reg-softmax-matrix), divided by $n$; a row of the identity matrix is a one-hot label.

```python
def softmax_gradient(W, X, y):
    return X.T @ (softmax(X @ W) - np.eye(W.shape[1])[y]) / len(y)
```

</details>

:::{exercise} How far apart?
:label: ex-reg-distance
How far apart must two spherical unit Gaussians be for a Bayes error of one percent?
:::
"""

# %%
distance = ...  # a number

exercise("reg-distance").check(distance)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\Phi(-\frac d2)=0.01$, so $d=-2\,\Phi^{-1}(0.01)=4.65$.

```python
distance = -2 * stats.norm.ppf(0.01)
```

</details>

:::{exercise} Unequal classes
:label: ex-reg-unequal
Class 0 is $\mathcal N(-1,1)$ and makes up 90 % of the population, class 1 is $\mathcal N(1,1)$. Where should the cut be?
:::
"""

# %%
unequal_cut = ...  # a number

exercise("reg-unequal").check(unequal_cut)

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

# %%
careful_fit = ...  # a function of x and y that returns a function

exercise("reg-project").check(careful_fit)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Legendre polynomials keep the matrix well conditioned. A ridge that grows with the degree of the feature believes in smooth curves, and leaving one out by the formula of the earlier exercise, which is exact for ridge as well, chooses its strength.

```python
def careful_fit(x, y):
    features = lambda t: np.polynomial.legendre.legvander(2 * t - 1, 12)
    X, growth = features(x), np.arange(13.0)**4
    best = np.inf
    for lam in 10.0 ** np.arange(-6, 2, 0.5):
        S = np.linalg.solve(X.T @ X + lam * np.diag(growth), X.T)
        H = X @ S
        error = np.mean(((y - H @ y) / (1 - np.diag(H)))**2)
        if error < best:
            best, theta = error, S @ y
    return lambda t: features(t) @ theta
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| line fit | $a=\operatorname{cov}(x,y)/\operatorname{var}(x)$, $b=\bar y-a\bar x$ | [two equations](#eq-reg-line) |
| least squares | $X^\top X\theta=X^\top y$; the residual is orthogonal to the features | [gradient](#eq-reg-gradient), [QR](#eq-reg-qr), [SVD](#eq-reg-svd) |
| best function | squared error: $\mathbb E[y\mid x]$; absolute error: the conditional median | [conditional mean](#conditional-expectation-is-optimal) |
| likelihood | mean negative log-likelihood = cross-entropy = entropy + KL | [one thing](#eq-reg-kl) |
| error of a fit | $\sigma^2+\text{bias}^2+\text{variance}$ | [decomposition](#eq-reg-bv) |
| ridge | $(X^\top X+\lambda I)^{-1}X^\top y$, factors $\frac{s_i^2}{s_i^2+\lambda}$ | [shrinking](#eq-reg-shrink) |
| lasso | soft threshold $\operatorname{sign}(w_0)\max(\lvert w_0\rvert-\mu,0)$ | [threshold](#eq-reg-soft) |
| logistic, softmax | gradient $X^\top(\hat y-y)$, $X^\top(P-Y)$; convex | [step by step](#eq-reg-logistic-gradient), [softmax](#eq-reg-softmax-matrix) |
| GLM | $\mathbb E[y\mid x]=\sigma(w^\top x)$, gradient $X^\top(\hat\mu-y)$ | [why](#eq-reg-glm-gradient) |
| limit | Bayes error $\Phi(-d/2)$; excess $\propto p/n$ | [rate](#eq-reg-excess-limit) |

**Further reading.** {cite:t}`hastie2009` is the book on everything here; {cite:t}`hoerl1970` invented ridge regression, {cite:t}`tibshirani1996` the lasso, {cite:t}`mccullagh1989` wrote the book on generalised linear models, and {cite:t}`efron1975` computed what a logistic regression pays for not knowing that the classes are Gaussian. [The next chapter](#gradient-descent-chapter) asks how to get to a minimum when there is no formula.
"""
