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

Forty noisy measurements, and a model with ten parameters: it fits them badly, but predicts tolerably. Give it forty parameters and it fits the noise to the last digit; its predictions are worthless. Every statistics course ends the story here. Go on, to 1600 parameters, forty for every measurement. What do you expect?
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

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch
import torch.nn.functional as F
from scipy import linalg, optimize, special, stats
from sklearn import ensemble, linear_model, semi_supervised, svm, tree

from helpers import (
    data,
    exercise,
    explore,
    fit,
    headline,
    plot,
    verify,
    verify_at_least,
    verify_at_most,
    verify_within_se,
)

plot.style()
torch.set_num_threads(1)
torch.manual_seed(0)
torch.set_default_dtype(torch.float64)


# %%
def relu_features(X, W):
    """P random features max(0, Wx), with W of shape (P, d) drawn once and never trained."""
    return np.maximum(X @ W.T, 0)


def smallest_fit(Phi, y):
    """Least squares; among several solutions the one of smallest norm."""
    if Phi.shape[0] >= Phi.shape[1]:
        return np.linalg.lstsq(Phi, y, rcond=None)[0]
    return Phi.T @ np.linalg.solve(Phi @ Phi.T, y)


def one_run(P, rng, n=40, d=10, noise=0.5):
    """Train and test error (noise-free targets), and the norm of the coefficients."""
    W = rng.normal(size=(P, d)) / np.sqrt(d)
    X, T = rng.normal(size=(n, d)), rng.normal(size=(300, d))
    target = lambda X: X @ np.ones(d) / np.sqrt(d)
    y = target(X) + noise * rng.normal(size=n)
    theta = smallest_fit(relu_features(X, W), y)
    errors = [
        (relu_features(A, W) @ theta - b) ** 2 for A, b in ((X, y), (T, target(T)))
    ]
    return errors[0].mean(), errors[1].mean(), np.linalg.norm(theta)


# %% mystnb={"image": {"alt": "Three bars on a logarithmic axis, the median test error with 10, 40 and 1600 parameters: about 0.5, about 40, and about 0.4, the lowest."}}
runs = {
    P: np.array([one_run(P, np.random.default_rng(s)) for s in range(60)])
    for P in (10, 40, 1600)
}
opening = {P: np.median(run[:, 1]) for P, run in runs.items()}

plt.bar([str(P) for P in opening], list(opening.values()), 0.5, color=plot.BLUE)
plt.yscale("log")
plt.xlabel("parameters (for 40 measurements)")
plt.ylabel("median test error, 60 runs")
plt.show()

# %%
verify_at_least(
    "40 parameters, 40 points: test error over that of 10 parameters",
    opening[40] / opening[10],
    20.0,
)
verify_at_most(
    "1600 parameters, 40 points: test error over that of 10 parameters",
    opening[1600] / opening[10],
    0.9,
)
verify(
    "1600 parameters: training error, noise included",
    runs[1600][:, 0],
    np.zeros(60),
    atol=1e-20,
)

# %% [markdown]
r"""
The largest model fits every measurement exactly, noise and all, and is the best of the three. Something keeps its 1600 parameters in check, although nothing in the code says so. This chapter is about such restraints, those one builds and those one gets unasked. By its end you will be able to

- **predict** what weight decay does to each direction of parameter space, and show that stopping early does nearly the same,
- **explain** with a picture why one penalty makes zeros and another does not,
- **build** dropout, bagging and the four normalisations from their definitions and match PyTorch,
- **compute** exactly what dropout does to a linear model, and **enumerate** what it does to a small network,
- **derive** the curve of double descent, and find its peak and its second descent in a simulation.

It builds on [ridge and lasso](#ridge-regression), [the singular value decomposition](#singular-value-decomposition), [gradient descent](#gradient-descent) and [backpropagation](#backpropagation). All cells together run in well under a minute on one core.
"""

# %% [markdown]
r"""
(regularization)=
## What is regularisation?

A learning algorithm sees the training error and is judged by the error on new data. Any change of the algorithm that is meant to lower the second, even if it raises the first, is called *regularisation*. It need not be a formula: a choice of representation, a moment to stop, noise on the inputs all qualify.

(regularization-penalty)=
The plainest kind is a *penalty*. To the data term $\ell_\theta$ add a soft constraint:

$$
\min_\theta\;\ell_\theta(\{x_i,y_i\})+\lambda R(\theta),\qquad\lambda\ge0
$$ (eq-rg-penalty)

At $\lambda=0$ only the data count. As $\lambda\to\infty$ the data are ignored and $\theta$ goes to the minimiser of $R$, which for a norm is zero. In between, $\lambda$ trades one for the other; it is a hyperparameter, since the training error alone would always choose zero.

Polynomials of degree 15 through thirty noisy points of $\cos1.5\pi x$ have [overfitted before](#overfitting). With $R=\|\theta\|^2$ we know [the solution](#eq-reg-shrink) for every $\lambda$ from one SVD. Follow three numbers while $\lambda$ grows by twenty-one powers of ten.
"""


# %%
def truth(x):
    return np.cos(1.5 * np.pi * x)


def powers(x, degree=15):
    return x[:, None] ** np.arange(degree + 1)


rng = np.random.default_rng(3)
x30 = rng.uniform(0, 1, 30)
y30, grid = truth(x30) + 0.1 * rng.normal(size=30), np.linspace(0, 1, 400)
U, s, Vt = np.linalg.svd(powers(x30), full_matrices=False)
penalties = 10.0 ** np.arange(-12, 10)
thetas = np.array([Vt.T @ (s / (s**2 + lam) * (U.T @ y30)) for lam in penalties])

lengths = np.linalg.norm(thetas, axis=1)
train_mse = np.mean((thetas @ powers(x30).T - y30) ** 2, axis=1)
test_mse = np.mean((thetas @ powers(grid).T - truth(grid)) ** 2, axis=1)

# %% mystnb={"image": {"alt": "Norm of the coefficients, training error and test error of a degree 15 fit against lambda, both axes logarithmic: the norm falls, the training error rises, the test error is U-shaped."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
left.loglog(penalties, lengths, color=plot.PURPLE)
left.set(xlabel=r"$\lambda$", title=r"$\|\theta\|$")
right.loglog(penalties, train_mse, color=plot.BLUE, label="training")
right.loglog(penalties, test_mse, color=plot.RED, label="test")
right.set(xlabel=r"$\lambda$", title="mean squared error")
right.legend()
plt.show()

# %%
for lam in (1e-4, 1.0, 1e4):
    library = linear_model.Ridge(alpha=lam, fit_intercept=False, solver="cholesky")
    verify(
        f"degree 15, λ = {lam:g}: coefficients, against scikit-learn",
        thetas[list(penalties).index(lam)],
        library.fit(powers(x30), y30).coef_,
        atol=1e-8 / lam,
    )
verify_at_most(
    "‖θ‖ at λ over ‖θ‖ at λ/10: always falls", (lengths[1:] / lengths[:-1]).max(), 1.0
)
verify_at_least(
    "training error at λ over that at λ/10: never falls",
    (train_mse[1:] / train_mse[:-1]).min(),
    1.0,
    atol=1e-12,
)
verify(
    "λ → ∞: λθ tends to Xᵀy", penalties[-1] * thetas[-1], powers(x30).T @ y30, rtol=1e-6
)

# %%
free = np.linalg.lstsq(powers(x30), y30, rcond=1e-14)[0]  # λ = 0
free_train = np.mean((powers(x30) @ free - y30) ** 2)
free_test = np.mean((powers(grid) @ free - truth(grid)) ** 2)
verify_at_least(
    "degree 15: training error with the best λ over that without",
    train_mse[test_mse.argmin()] / free_train,
    1.1,
)
verify_at_least(
    "degree 15: test error without a penalty over that with the best λ",
    free_test / test_mse.min(),
    3.0,
)
verify_at_least(
    "degree 15: test error with λ = 10⁹ over that with the best λ",
    test_mse[-1] / test_mse.min(),
    100.0,
)

# %% [markdown]
r"""
The norm falls, the training error rises, and the test error goes down and up again: regularisation in three curves.

Now networks. Many experiments of this chapter need means over several networks, so we train $S$ of them side by side: all weights carry a first axis of length $S$, and the sum of the $S$ losses has the right gradient for each.
"""


# %%
def nets(S, sizes, seed, dtype=torch.float32):
    """S networks: a list of arrays (S, in + 1, out), the last row holding the biases."""
    generator = torch.Generator().manual_seed(seed)
    weights = []
    for i, o in zip(sizes, sizes[1:]):
        W = torch.randn(S, i + 1, o, generator=generator) * np.sqrt(2 / i)
        W[:, -1] = 0
        weights.append(W.to(dtype).requires_grad_())
    return weights


def forward(weights, X, activation=torch.relu, keep=None, generator=None):
    """Outputs (S, n, out). `keep`: probabilities with which each layer's inputs survive."""
    for l, W in enumerate(weights):
        X = X if X.dim() == 3 else X.expand(len(W), *X.shape)
        if keep:
            mask = torch.rand(X.shape, dtype=X.dtype, generator=generator) < keep[l]
            X = X * mask / keep[l]
        X = torch.baddbmm(W[:, -1:], X, W[:, :-1])
        X = activation(X) if l + 1 < len(weights) else X
    return X


# %%
def nll(logits, y):
    """Mean negative log-likelihood of each network, (S,); y is (n,) or (S, n)."""
    y = y.expand(logits.shape[:2])
    return -logits.log_softmax(-1).gather(-1, y[..., None]).mean((1, 2))


def accuracy(logits, y):
    return (logits.argmax(-1) == y).double().mean(1)


def train(weights, loss, steps, lr=0.01, after=None):
    """Adam on loss(t), the losses (S,) in step t; after(t) may look or interfere."""
    adam = torch.optim.Adam(weights, lr=lr)
    for t in range(steps):
        adam.zero_grad()
        loss(t).sum().backward()
        adam.step()
        if after:
            with torch.no_grad():
                after(t)
    return [W.detach() for W in weights]


# %%
probe, small_X = nets(3, (5, 4, 2), 0, torch.float64), torch.randn(7, 5)
single = torch.nn.Sequential(
    torch.nn.Linear(5, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)
)
with torch.no_grad():
    for layer, W in zip((single[0], single[2]), probe):
        layer.weight.copy_(W[1, :-1].T)
        layer.bias.copy_(W[1, -1])
verify(
    "network 1 of 3 side by side, against torch.nn",
    forward(probe, small_X)[1],
    single(small_X),
    atol=1e-12,
)
small_y = torch.tensor([0, 1, 1, 0, 1, 0, 0])
verify(
    "its loss, against torch's cross entropy",
    nll(forward(probe, small_X), small_y)[1],
    F.cross_entropy(single(small_X), small_y),
    atol=1e-12,
)
verify(
    "initial weights have variance 2/fan-in",
    nets(20, (50, 40), 1)[0][:, :-1].var(),
    2 / 50,
    rtol=0.03,
)
masked_out = forward(
    nets(1, (5, 1), 0, torch.float64),
    small_X[:1].expand(4000, 5),
    keep=(0.8,),
    generator=torch.Generator().manual_seed(3),
)[0, :, 0]
verify_within_se(
    "4000 passes with random masks: mean output, against the pass without",
    masked_out,
    forward(nets(1, (5, 1), 0, torch.float64), small_X[:1]).item(),
)

# %% [markdown]
r"""
Sixty images of digits, a fifth of them with a label drawn by lot, a network with 4800 weights, five initialisations. A penalty and three restraints that are no formula in the loss, each to be explained in its own section: shifting the images at random, dropping units at random, stopping at the best moment (judged by 200 other images). Compare the training loss with the test loss.
"""

# %%
digits = data.digits(1400)
Dx, Tx = (torch.tensor(a, dtype=torch.float32) for a in (digits.X_train, digits.X_test))
Dy, Ty = torch.tensor(digits.y_train), torch.tensor(digits.y_test)

lottery = torch.Generator().manual_seed(5)
wrong = torch.rand(1400, generator=lottery) < 0.2  # these get a label by lot
Ly = torch.where(wrong, torch.randint(10, (1400,), generator=lottery), Dy)


def shifts(X):
    """Images (n, 64) moved by -1, 0 or 1 pixel each way: (9, n, 64), unmoved at index 4."""
    big = F.pad(X.view(-1, 8, 8), (1, 1, 1, 1))
    return torch.stack(
        [big[:, i : i + 8, j : j + 8].flatten(1) for i in range(3) for j in range(3)]
    )


def learn(name, X, y, S=5, steps=120, seed=0, hold=None, y_many=None):
    """S digit networks with one restraint switched on; X (n, 64) or (S, n, 64)."""
    W, g = nets(S, (64, 64, 10), seed), torch.Generator().manual_seed(seed + 1)
    moved = shifts(X) if name == "augmentation" else None
    best = [np.inf, [w.detach().clone() for w in W]]

    def loss(t):
        inputs, keep = X, (0.8, 0.5) if name == "dropout" else None
        if name == "augmentation":
            inputs = moved[
                torch.randint(9, (S, len(y)), generator=g), torch.arange(len(y))
            ]
        if name == "input noise":
            inputs = X + 0.2 * torch.randn(S, *X.shape, generator=g, dtype=X.dtype)
        out = forward(W, inputs, keep=keep, generator=g)
        if name == "label smoothing":
            return 0.9 * nll(out, y) - 0.1 * out.log_softmax(-1).mean((1, 2))
        decay = 0.001 if name == "weight decay" else 0.0
        return nll(out, y) + decay * sum((w[:, :-1] ** 2).sum((1, 2)) for w in W)

    def watch(t):
        score = nll(forward(W, hold[0]), hold[1]).mean().item()
        if score < best[0]:
            best[:] = score, [w.detach().clone() for w in W]

    end = train(W, loss, steps, after=watch if name == "early stopping" else None)
    return best[1] if name == "early stopping" else end


# %%
few = slice(0, 60)
table = {}
for name in ("none", "weight decay", "early stopping", "dropout", "augmentation"):
    W = learn(name, Dx[few], Ly[few], hold=(Dx[200:400], Dy[200:400]), steps=150)
    table[name] = [
        nll(forward(W, A), b).mean().item() for A, b in ((Dx[few], Ly[few]), (Tx, Ty))
    ]
    print(
        f"{name:15s} training loss {table[name][0]:.3f}, test loss {table[name][1]:.2f}"
    )

# %%
for name, (train_loss, test_loss) in table.items():
    if name != "none":
        verify_at_least(
            f"60 digits, {name}: training loss over that of the bare network",
            train_loss / table["none"][0],
            2.0,
        )
        verify_at_most(
            f"60 digits, {name}: test loss over that of the bare network",
            test_loss / table["none"][1],
            0.85,
        )

# %% [markdown]
r"""
Each of them fits the sixty images worse and new images better: what they refuse to learn is mostly the lottery.

(overfitting-with-limited-data)=
Why is there room for improvement at all? Because a network with thousands of weights can agree with sixty images in countless ways. The more images, the fewer ways remain: watch the gap between training and test accuracy close.
"""

# %%
gaps = {}
for n in (30, 100, 300, 1400):
    W = learn("none", Dx[:n], Dy[:n], S=3, steps=70)
    gaps[n] = (
        accuracy(forward(W, Dx[:n]), Dy[:n]) - accuracy(forward(W, Tx), Ty)
    ).mean()
largest = [w[:1] for w in W]  # one network trained on all 1400 images, for later
print(" ".join(f"n = {n}: gap {gap:.2f} " for n, gap in gaps.items()))
verify(
    "30 → 100 → 300 → 1400 images: the gap shrinks every time",
    bool(np.all(np.diff(list(gaps.values())) < -0.02)),
    True,
)
decayed = [learn(name, Dx[:30], Dy[:30], steps=70) for name in ("none", "weight decay")]
test_gap = [
    (nll(forward(W, Tx), Ty) - nll(forward(W, Dx[:30]), Dy[:30])).mean()
    for W in decayed
]
verify_at_most(
    "30 images: gap between the losses with weight decay over without",
    test_gap[1] / test_gap[0],
    0.95,
)
# %% [markdown]
r"""
(free-parameters)=
## The freedom that the data leave

Strip the problem to its core: ten linear equations, thirty unknowns, $X\theta=y$. The solutions form an [affine space](#homogeneous-solution-space) of dimension $p-\operatorname{rank}X=20$. Along those twenty directions the data say nothing: they are *free parameters*. Two solutions may fit the data equally and predict the opposite.

A ridge term takes no weight away but takes the freedom: among all solutions it prefers short ones, and for $\lambda\to0$ its solution tends to the shortest of all, $X^+y$ with the [pseudoinverse](#moore-penrose-pseudoinverse).
"""

# %%
rng = np.random.default_rng(0)
X, y = rng.normal(size=(10, 30)), rng.normal(size=10)
free = linalg.null_space(X)  # (30, 20), orthonormal columns
shortest = np.linalg.pinv(X) @ y
solutions = [shortest + free @ rng.normal(size=20) for _ in range(2)]
verify("10 equations, 30 unknowns: free directions", free.shape[1], 20)
verify(
    "two solutions both fit exactly",
    [X @ t - y for t in solutions],
    np.zeros((2, 10)),
    atol=1e-12,
)
x_new = free @ (free.T @ rng.normal(size=30))  # an input the data say nothing about
verify_at_least(
    "… and differ on a new input by", abs(x_new @ (solutions[0] - solutions[1])), 1.0
)
ridge = np.linalg.solve(X.T @ X + 1e-8 * np.eye(30), X.T @ y)
verify("λ = 1e-8: the ridge solution is the shortest one", ridge, shortest, atol=1e-6)

# %% [markdown]
r"""
### Gradient descent has a preference of its own

Now minimise $\frac12\|X\theta-y\|^2$ by plain gradient descent, with no penalty at all. Which of the infinitely many solutions does it reach? Look at the update,

$$
\theta_{t+1}=\theta_t-\eta X^\top(X\theta_t-y).
$$

Whatever the bracket is, the change is $X^\top$ times a vector: a combination of the rows of $X$. The part of $\theta$ that is orthogonal to all rows never moves. So split the start with the projection $P=X^+X$ onto the row space: $(I-P)\theta_0$ stays forever, and inside the row space there is exactly one solution, $X^+y$.

:::{prf:theorem} Implicit bias of gradient descent
:label: thm-rg-implicit
If $X$ has independent rows and $\eta<2/s_{\max}^2$, gradient descent on $\frac12\|X\theta-y\|^2$ converges to

$$
\theta_\infty=X^+y+(I-X^+X)\,\theta_0,
$$ (eq-rg-implicit)

the solution nearest to the start. From $\theta_0=0$ it is the solution of smallest norm.
:::

It is the nearest, because any other solution differs from $\theta_\infty$ by a vector of the null space, while $\theta_\infty-\theta_0$ lies in the row space: by Pythagoras the distance can only grow.
"""


# %%
def descend(X, y, theta, steps, eta=None):
    eta = eta or 1 / np.linalg.norm(X, 2) ** 2
    for _ in range(steps):
        theta = theta - eta * X.T @ (X @ theta - y)
    return theta


start = rng.normal(size=30)
end = descend(X, y, start, 3000)
verify(
    "gradient descent from 0 ends at the shortest solution",
    descend(X, y, np.zeros(30), 3000),
    shortest,
    atol=1e-10,
)
verify(
    "from elsewhere: the free part of the start stays",
    free.T @ end,
    free.T @ start,
    atol=1e-12,
)
nearest = optimize.minimize(
    lambda t: ((t - start) ** 2).sum(),
    start,
    jac=lambda t: 2 * (t - start),
    method="SLSQP",
    tol=1e-14,
    constraints={"type": "eq", "fun": lambda t: X @ t - y, "jac": lambda t: X},
).x
verify(
    "… and it ends at the solution nearest to the start, found by SLSQP",
    end,
    nearest,
    atol=1e-6,
)

# %% [markdown]
r"""
This is the restraint nobody wrote: the algorithm itself chooses. Keep it in mind for [the last act](#headline-double-descent).

(effective-degrees-of-freedom)=
### How many parameters are really used?

There are four ways to have fewer: leave weights out (a smaller network, or *pruning*), let several connections [share one](#parameter-sharing), pay for them with a penalty, or restrain them implicitly by early stopping, dropout, normalisation.

With a penalty the count need not be whole. Ridge predicts $\hat y=X(X^\top X+\lambda I)^{-1}X^\top y$, a linear map of $y$; least squares is the case $\lambda=0$, a projection, whose trace is the number of parameters. Take the trace in general:

$$
\operatorname{df}(\lambda)=\operatorname{tr}X(X^\top X+\lambda I)^{-1}X^\top=\sum_i\frac{s_i^2}{s_i^2+\lambda}
$$ (eq-rg-dof)

These *effective degrees of freedom* fall from $p$ to $0$. They also say how much a prediction follows its own measurement, $\operatorname{df}=\sum_i\partial\hat y_i/\partial y_i$, which is how we check them: push each $y_i$ and look.
"""

# %%
patients = data.diabetes()
Xp, yp = patients.X_train, patients.y_train  # (342, 10), (342,)
sp = np.linalg.svd(Xp, compute_uv=False)


def dof(lam):
    return np.sum(sp**2 / (sp**2 + lam))


def follows(lam):
    fit_to = lambda y: (
        Xp @ linear_model.Ridge(alpha=lam, fit_intercept=False).fit(Xp, y).coef_.T
    )
    pushed = fit_to(np.eye(len(yp)))  # all n pushes at once: column i belongs to y_i
    return np.trace(pushed)


for lam in (1e-9, 10.0, 1000.0, 1e12):
    verify(
        f"diabetes, λ = {lam:g}: effective degrees of freedom",
        dof(lam),
        follows(lam),
        rtol=1e-7,
        atol=1e-12,
    )
verify("λ → 0: as many as parameters", dof(1e-9), 10.0, rtol=1e-8)

# %% [markdown]
r"""
And pruning? From the network trained on 1400 digits remove a growing share of weights: the smallest; those to which the loss is least sensitive, by $\lvert w\,\partial\ell/\partial w\rvert$, the first-order estimate of what removal costs; or random ones.
"""

# %%
leaf = [w.clone().requires_grad_() for w in largest]
nll(forward(leaf, Dx), Dy).sum().backward()
scores = {
    "magnitude": [w.detach().abs() for w in leaf],
    "sensitivity": [(w * w.grad).detach().abs() for w in leaf],
    "random": [
        torch.rand(w.shape, generator=torch.Generator().manual_seed(0)) for w in leaf
    ],
}
shares = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])


def pruned(score, share):
    kept = []
    for w, s in zip(largest, score):
        w, weight_scores = w.clone(), s[:, :-1]  # biases are left alone
        w[:, :-1][weight_scores < weight_scores.flatten().quantile(share)] = 0
        kept.append(w)
    return kept


after = {
    name: [accuracy(forward(pruned(s, q), Tx), Ty).item() for q in shares]
    for name, s in scores.items()
}

# %% mystnb={"image": {"alt": "Test accuracy against the share of weights removed: flat until about half for removal by magnitude or sensitivity, falling much earlier for random removal."}} tags=["hide-input"]
for (name, acc), colour in zip(after.items(), (plot.BLUE, plot.GREEN, plot.GREY)):
    plt.plot(shares, acc, ".-", color=colour, label=name)
plt.xlabel("share of the weights removed")
plt.ylabel("test accuracy")
plt.legend()
plt.show()

# %%
kept = pruned(scores["magnitude"], 0.7)[0][0, :-1]
verify("removing 70 %: share of zeros", (kept == 0).double().mean(), 0.7, atol=1e-3)
verify(
    "the largest removed weight is below the smallest that is kept",
    bool(largest[0][0, :-1][kept == 0].abs().max() <= kept[kept != 0].abs().min()),
    True,
)
eps = 1e-3  # the estimate w · ∂ℓ/∂w, against shrinking all weights of layer 1 a little
tiny = nll(forward([(1 - eps) * largest[0], largest[1]], Dx), Dy) - nll(
    forward(largest, Dx), Dy
)
verify(
    "Σ w ∂ℓ/∂w of layer 1, against the loss after shrinking it by 0.1 %",
    -eps * (leaf[0] * leaf[0].grad).sum(),
    tiny.item(),
    rtol=0.05,
)
for name in ("magnitude", "sensitivity"):
    verify_at_most(
        f"pruning 30 % by {name}: accuracy lost", after[name][0] - after[name][3], 0.02
    )
    verify_at_least(
        f"pruning 70 % by {name} instead of randomly: accuracy gained",
        after[name][7] - after["random"][7],
        0.1,
    )

# %% [markdown]
r"""
(weight-decay)=
## Weight decay

The penalty of choice in deep learning is $\Omega=\frac12\sum_l\mu^l\|W^l\|_F^2$, on the weights and usually not on the biases. Its gradient is $\mu W$, so a gradient step becomes

$$
w\leftarrow w-\eta(\nabla\mathcal R+\mu w)=(1-\eta\mu)\,w-\eta\nabla\mathcal R .
$$ (eq-rg-decay)

Before the data have their say, every weight *decays* by the factor $1-\eta\mu$; hence the name. (A penalty $\lambda\|w\|^2$ without the $\frac12$ means $\mu=2\lambda$.) The factor is the whole implementation, as `torch.optim.SGD` confirms. For [Adam](#adam) penalty and decay are different things: the penalty's gradient is rescaled along with the rest, while *AdamW* {cite:p}`loshchilov2019` decays the weights directly.
"""


# %%
def decay_sgd(grad, w, eta, mu, steps):
    for _ in range(steps):
        w = (1 - eta * mu) * w - eta * grad(w)
    return w


def by_torch(optimizer, steps=50, **options):
    w = torch.zeros(10, requires_grad=True)
    opt = optimizer([w], **options)
    for _ in range(steps):
        opt.zero_grad()
        (0.5 * ((torch.tensor(Xp) @ w - torch.tensor(yp)) ** 2).mean()).backward()
        opt.step()
    return w.detach()


p_grad = lambda w: Xp.T @ (Xp @ w - yp) / len(yp)
verify(
    "50 decayed steps, against torch.optim.SGD(weight_decay=0.3)",
    decay_sgd(p_grad, np.zeros(10), 0.1, 0.3, 50),
    by_torch(torch.optim.SGD, lr=0.1, weight_decay=0.3),
    atol=1e-10,
)
verify(
    "no data: w shrinks to (1 − ημ)ᵗ of itself",
    decay_sgd(lambda w: 0 * w, np.array([3.0, -1.0]), 0.1, 0.3, 40),
    0.97**40 * np.array([3.0, -1.0]),
    rtol=1e-12,
)
adam, adamw = (
    by_torch(o, lr=0.05, weight_decay=0.3)
    for o in (torch.optim.Adam, torch.optim.AdamW)
)
verify_at_least(
    "Adam with a penalty and AdamW end apart by", (adam - adamw).abs().max(), 1e-3
)

# %% [markdown]
r"""
(weight-decay-hessian-analysis)=
### Which directions decay?

Not all alike. Near a minimum $\theta^*$ the loss is [its second-order model](#second-order-taylor-model), $\mathcal R\approx\mathcal R(\theta^*)+\frac12(\theta-\theta^*)^\top H(\theta-\theta^*)$. Add $\frac\mu2\|\theta\|^2$ and set the gradient to zero:

$$
H(\theta-\theta^*)+\mu\theta=0\quad\Longrightarrow\quad\theta_\mu=(H+\mu I)^{-1}H\theta^* .
$$

Now look along the eigenvectors of $H=Q\Lambda Q^\top$. There $(H+\mu I)^{-1}H$ is diagonal:

$$
\theta_\mu=Q\operatorname{diag}\Bigl(\frac{\lambda_i}{\lambda_i+\mu}\Bigr)Q^\top\theta^*
$$ (eq-rg-hessian)

A direction in which the loss is steep, $\lambda_i\gg\mu$, keeps its value; one in which the loss hardly cares, $\lambda_i\ll\mu$, goes to zero. Half is lost at $\lambda_i=\mu$. The sum of the factors is, once more, [an effective number of parameters](#eq-rg-dof).

For least squares the second-order model is exact, so [the formula](#eq-rg-hessian) must be the minimiser. We find that one with a general-purpose optimiser, for twenty values of $\mu$.
"""

# %%
H = Xp.T @ Xp / len(yp)
lam, Q = np.linalg.eigh(H)
theta_star = np.linalg.lstsq(Xp, yp, rcond=None)[0]
mus = np.logspace(-3, 2, 20)
formula = [Q @ np.diag(lam / (lam + mu)) @ Q.T @ theta_star for mu in mus]
searched = [
    optimize.minimize(
        lambda w: 0.5 * np.mean((Xp @ w - yp) ** 2) + 0.5 * mu * w @ w,
        np.zeros(10),
        jac=lambda w: p_grad(w) + mu * w,
        method="BFGS",
        options={"gtol": 1e-11},
    ).x
    for mu in mus
]
verify(
    "weight decay in the eigenbasis, 20 values of μ, against BFGS",
    np.array(formula),
    np.array(searched),
    atol=1e-8,
)

# %% mystnb={"image": {"alt": "Left: ten shrink factors against the eigenvalue on a logarithmic axis, lying on an S-shaped curve for each of three mu. Right: the effective number of parameters falls from 10 to 0 as mu grows."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
line = np.logspace(-3, 1.5, 100)
for mu, colour in zip((0.01, 0.1, 1.0), (plot.BLUE, plot.ORANGE, plot.RED)):
    left.semilogx(line, line / (line + mu), color=colour, lw=1)
    left.plot(lam, lam / (lam + mu), "o", ms=4, color=colour, label=rf"$\mu={mu:g}$")
left.set(xlabel=r"eigenvalue $\lambda_i$", title="share that stays")
left.legend()
right.semilogx(mus, [np.sum(lam / (lam + mu)) for mu in mus], color=plot.PURPLE)
right.set(xlabel=r"$\mu$", title="effective parameters")
plt.show()

# %% [markdown]
r"""
(weight-decay-as-gaussian-prior)=
### A prior in disguise

Suppose that before seeing data we believe $\theta\sim\mathcal N(0,\tau^2I)$, and that $y=X\theta+\text{noise}$ with variance $\sigma^2$. Bayes' rule multiplies the two densities; minus the logarithm adds:

$$
-\log p(\theta\mid y)=\frac1{2\sigma^2}\|y-X\theta\|^2+\frac1{2\tau^2}\|\theta\|^2+\text{const}
$$ (eq-rg-map)

Times $2\sigma^2$ this is ridge with $\lambda=\sigma^2/\tau^2$. The most probable $\theta$ (*maximum a posteriori*, MAP) is the ridge solution: a small $\lambda$ says "I trust the data", a large one "I expect small weights". A Laplace prior $\prod_j\frac1{2b}e^{-\lvert\theta_j\rvert/b}$ turns in the same way into the lasso, with $\lambda=2\sigma^2/b$ beside $\|y-X\theta\|^2$.

The posterior is Gaussian, so its mode is its mean, and that can be had without any optimisation by conditioning the joint Gaussian of $(\theta,y)$ on $y$.
"""

# %%
rng = np.random.default_rng(1)
sigma, tau, b = 0.7, 0.4, 0.3
X, y = rng.normal(size=(15, 4)), rng.normal(size=15)
conditioned = (
    tau**2 * X.T @ np.linalg.solve(tau**2 * X @ X.T + sigma**2 * np.eye(15), y)
)  # Cov(θ, y) Cov(y)⁻¹ y
library = linear_model.Ridge(alpha=sigma**2 / tau**2, fit_intercept=False).fit(X, y)
verify(
    "posterior mean with a Gaussian prior is ridge with λ = σ²/τ²",
    conditioned,
    library.coef_,
    atol=1e-10,
)


def minus_log_posterior(theta, prior):
    return -stats.norm(X @ theta, sigma).logpdf(y).sum() - prior.logpdf(theta).sum()


points = rng.normal(size=(20, 4))
for name, prior, penalty in (
    ("Gaussian prior, ridge", stats.norm(0, tau), lambda t: sigma**2 / tau**2 * t @ t),
    (
        "Laplace prior, lasso",
        stats.laplace(0, b),
        lambda t: 2 * sigma**2 / b * sum(abs(t)),
    ),
):
    change = [
        minus_log_posterior(t, prior) - minus_log_posterior(0 * t, prior)
        for t in points
    ]
    cost = [
        (((y - X @ t) ** 2).sum() + penalty(t) - y @ y) / (2 * sigma**2) for t in points
    ]
    verify(
        f"{name}: minus log posterior is the objective over 2σ²",
        np.array(change),
        np.array(cost),
        atol=1e-10,
    )

# %% [markdown]
r"""
The same quadratic is a relative of the *margin*: a linear classifier with [hinge loss](#hinge-loss) and weight decay is the support vector machine, since the distance between the lines $w^\top x=\pm1$ is $2/\|w\|$. We minimise $\frac12\|w\|^2+C\sum_i\max(0,1-y_iw^\top x_i)$ as a quadratic program and ask scikit-learn.
"""

# %%
rng = np.random.default_rng(2)
side = np.repeat([-1.0, 1.0], 20)
S = rng.normal(size=(40, 2)) + side[:, None] * [1.2, 0.8]
C, gram = 0.5, (S * side[:, None]) @ (S * side[:, None]).T
dual = optimize.minimize(
    lambda a: 0.5 * a @ gram @ a - a.sum(),
    np.zeros(40),
    jac=lambda a: gram @ a - 1,
    bounds=[(0, C)] * 40,
    method="L-BFGS-B",
    options={"ftol": 1e-15, "gtol": 1e-9},
).x
w = (dual * side) @ S
library = (
    svm.LinearSVC(
        C=C,
        loss="hinge",
        fit_intercept=False,
        tol=1e-8,
        max_iter=1_000_000,
        random_state=0,
    )
    .fit(S, side)
    .coef_[0]
)
verify("hinge loss plus ½‖w‖², against LinearSVC", w, library, atol=1e-2)
svm_cost = lambda w: 0.5 * w @ w + C * np.maximum(0, 1 - side * (S @ w)).sum()
verify(
    "the primal value equals minus the dual one: no gap",
    svm_cost(w),
    dual.sum() - 0.5 * dual @ gram @ dual,
    rtol=1e-6,
)

# %% [markdown]
r"""
(layerwise-norm-bound)=
### A wall instead of a spring

Instead of paying for length one may forbid it: after each step put any layer with $\|W\|_F>c$ back to the nearest allowed point, which lies on the same ray,

$$
W\leftarrow W\min\Bigl(1,\frac c{\|W\|_F}\Bigr).
$$ (eq-rg-project)

Each layer may have its own $c$, other norms will do, and penalties can be given to chosen layers alike.
"""


# %%
def project(W, c):
    """The nearest matrix of Frobenius norm at most c; W may carry a first axis."""
    norm = (W**2).sum((-2, -1), keepdims=True) ** 0.5
    return W * np.minimum(1, c / norm)


W0 = rng.normal(size=(3, 4))
nearest = optimize.minimize(
    lambda w: ((w - W0.ravel()) ** 2).sum(),
    np.zeros(12),
    method="SLSQP",
    tol=1e-12,
    constraints={"type": "ineq", "fun": lambda w: 1.5**2 - w @ w},
).x
verify(
    "projection to norm 1.5, against constrained minimisation",
    project(W0, 1.5),
    nearest.reshape(3, 4),
    atol=1e-5,
)
verify("inside the ball nothing moves", project(W0, 10.0), W0, atol=1e-15)

# %%
radii = torch.tensor([0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 20.0]).float()
W, norms = nets(7, (64, 64, 10), 0), []


def pull_back(t):
    for w in W:
        w[:, :-1] *= torch.clamp(radii / w[:, :-1].flatten(1).norm(dim=1), max=1)[
            :, None, None
        ]
    norms.append(torch.stack([w[:, :-1].flatten(1).norm(dim=1) for w in W]))


train(W, lambda t: nll(forward(W, Dx[:60]), Ly[:60]), 200, after=pull_back)
bounded = nll(forward(W, Tx), Ty).detach()
verify_at_most(
    "seven bounds: largest norm over its bound, all steps and both layers",
    (torch.stack(norms) / radii).max(),
    1.0,
    atol=1e-5,
)
verify_at_least(
    "60 digits with wrong labels: test loss with the tightest bound over the best",
    bounded[0] / bounded.min(),
    1.2,
)
verify_at_least(
    "60 digits with wrong labels: test loss with the loosest bound over the best",
    bounded[-1] / bounded.min(),
    1.1,
)

# %% mystnb={"image": {"alt": "Test loss of a network trained on sixty digits against the allowed norm of each layer, logarithmic axis: high for a tight bound, lowest in between, higher again without effective bound."}} tags=["hide-input"]
plt.semilogx(radii, bounded, "o-", color=plot.RED)
plt.xlabel("largest norm $c$ allowed to each layer")
plt.ylabel("test loss")
plt.show()
# %% [markdown]
r"""
## The shape of the ball

(norms-are-convex-regularizers)=
Ridge measures length by $\|\theta\|_2$, the lasso by $\|\theta\|_1$. For any $p\ge1$ the [norm](#lp-norms) $\|\theta\|_p$ is convex: by the triangle inequality and homogeneity

$$
\|t\theta+(1-t)\theta'\|\le\|t\theta\|+\|(1-t)\theta'\|=t\|\theta\|+(1-t)\|\theta'\| .
$$

A sum of convex functions [is convex](#convexity-preserving-operations), so penalised linear regression stays convex. For $p<1$ the "ball" is dented, and the inequality fails; and no norm is linear, since $\|{-\theta}\|=\|\theta\|$. We try a hundred thousand random chords for each $p$.
"""

# %%
rng = np.random.default_rng(3)
a, b = rng.normal(size=(2, 100_000, 3))
t = rng.uniform(size=100_000)


def p_norm(v, p):
    """(Σ|v|ᵖ)^(1/p) along the last axis; p = inf is the largest entry."""
    if p == np.inf:
        return abs(v).max(-1)
    return (abs(v) ** p).sum(-1) ** (1 / p)


def worst_chord(f):
    """Largest height of f above its chord; positive means: not convex."""
    return (f(t[:, None] * a + (1 - t)[:, None] * b) - t * f(a) - (1 - t) * f(b)).max()


for p in (1, 1.5, 2, 3, np.inf):
    verify(
        f"p = {p}: the norm, against NumPy",
        p_norm(a[0], p),
        np.linalg.norm(a[0], p),
        rtol=1e-12,
    )
    verify_at_most(
        f"p = {p}: largest height above a chord",
        worst_chord(lambda v: p_norm(v, p)),
        0.0,
        atol=1e-12,
    )
verify_at_least(
    "p = 1/2: largest height above a chord", worst_chord(lambda v: p_norm(v, 0.5)), 1.0
)
verify(
    "p = 1/2: (1, 0) and (0, 1) have norm 1, their midpoint has",
    p_norm(np.array([0.5, 0.5]), 0.5),
    2.0,
    rtol=1e-12,
)

# %% [markdown]
r"""
Convexity buys certainty, not formulas. The lasso has no closed form, but two algorithms that share nothing must reach the same value: scikit-learn's coordinate descent, and [ISTA](#soft-thresholding), a gradient step followed by soft-thresholding.
"""

# %%
X, y = rng.normal(size=(60, 12)), rng.normal(size=60)
lasso_cost = lambda w, lam: 0.5 * np.mean((y - X @ w) ** 2) + lam * abs(w).sum()


def soft(w, threshold):
    return np.sign(w) * np.maximum(abs(w) - threshold, 0)


def ista(X, y, lam, steps=2000):
    L, w = np.linalg.norm(X, 2) ** 2 / len(y), np.zeros(X.shape[1])
    for _ in range(steps):
        w = soft(w - X.T @ (X @ w - y) / len(y) / L, lam / L)
    return w


descent = linear_model.Lasso(alpha=0.1, fit_intercept=False, tol=1e-12).fit(X, y).coef_
verify(
    "lasso: ISTA and coordinate descent reach the same value",
    lasso_cost(ista(X, y, 0.1), 0.1),
    lasso_cost(descent, 0.1),
    atol=1e-8,
)
verify_at_most(
    "lasso: largest height of the objective above a chord",
    worst_chord(
        lambda v: 0.5 * ((v @ X[:, :3].T - y) ** 2).mean(-1) + 0.1 * abs(v).sum(-1)
    ),
    0.0,
    atol=1e-12,
)

# %% [markdown]
r"""
:::{admonition} Convex is not solvable in closed form
:class: correction
**The notes say** that since the penalised problem is convex one may hope for a global optimum in closed form.

**Right is:** convexity makes every stationary point a global minimum. It gives no formula: the lasso with non-orthogonal columns, $p\ne2$ and logistic regression have none; only the quadratic penalty keeps one.
:::

(l1-vs-l2-weight-distribution)=
### Why does one penalty make zeros?

Give each penalty a budget, $\|\theta\|_p\le1$, and let a loss with elliptic contours look for the best affordable point. Start at $p=2$ and drag $p$ down to 1, and below.
"""

# %% tags=["hide-input"]
bowl, centre = np.array([[0.8, 0.1], [0.1, 0.8]]), np.array([0.5, 1.7])
angle = np.linspace(0, 2 * np.pi, 1441)
circle = np.array([np.cos(angle), np.sin(angle)])  # (2, 1441)


def rim(p):
    return circle / p_norm(circle.T, p)


def bowl_loss(v):
    gap = np.moveaxis(v, 0, -1) - centre
    return np.einsum("...i,ij,...j->...", gap, bowl, gap)


def ball(p):
    p = float(p)
    points = rim(p)
    best = points[:, bowl_loss(points).argmin()]
    fig, ax = plt.subplots(figsize=(6.8, 3.6))
    plot.contours(
        ax,
        lambda x, y: bowl_loss(np.array([x, y])),
        (-2.2, 2.6),
        (-1.3, 2.3),
        [0.02, 0.15, 0.6, 2.0, 3.2],
    )
    plot.contours(
        ax,
        lambda x, y: bowl_loss(np.array([x, y])),
        (-2.2, 2.6),
        (-1.3, 2.3),
        [bowl_loss(best)],
        colors=plot.ORANGE,
        linewidths=1.8,
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
    alt="Elliptic contours of a loss and the ball of the p-norm: for p = 2 they touch with both coordinates non-zero, for p = 1 and below at a corner, where the first is zero, for large p near the corner of a square",
    p=["2", "1.5", "1.2", "1", "0.7", "0.5", "4", "inf"],
)

# %%
budget = {p: rim(p)[:, bowl_loss(rim(p)).argmin()] for p in (0.5, 1, 2)}
for p in (0.5, 1):
    verify(f"p = {p}: the best point is a corner", budget[p], [0.0, 1.0], atol=1e-6)
touching = optimize.minimize(
    lambda v: bowl_loss(v),
    [0.5, 0.5],
    constraints={"type": "ineq", "fun": lambda v: 1 - v @ v},
).x
verify(
    "p = 2: the best point, against constrained minimisation",
    budget[2],
    touching,
    atol=5e-3,
)
multiplier = -(2 * bowl @ (touching - centre)) / (2 * touching)
verify(
    "p = 2: there the loss pulls straight outward, ∇ℓ = −λ∇R in both coordinates",
    multiplier[0],
    multiplier[1],
    rtol=1e-4,
)

# %% [markdown]
r"""
At a smooth rim the ellipse touches where it happens to; a corner catches it for a whole range of directions. At $p=1$ there are corners, and the budget is still convex: the only $p$ with both.

The same difference seen as a force. With a penalty $\lambda R$ and no data at all, a gradient step for the square, and the [soft-threshold](#soft-thresholding) for the absolute value, read

$$
L_2:\;w\mapsto(1-2\eta\lambda)\,w,\qquad L_1:\;w\mapsto\operatorname{sign}(w)\max(\lvert w\rvert-\eta\lambda,0).
$$ (eq-rg-push)

The first push is proportional to $w$: it fades, and zero is never reached. The second is constant, and zero is reached after $\lceil\lvert w\rvert/\eta\lambda\rceil$ steps.
"""

# %%
eta, lam = 0.1, 0.3
ell2, ell1 = [2.0], [2.0]
for _ in range(100):
    ell2.append(ell2[-1] - eta * 2 * lam * ell2[-1])
    ell1.append(float(soft(np.array(ell1[-1]), eta * lam)))
steps = np.arange(101)
verify(
    "L2 without data: geometric",
    np.array(ell2),
    2 * (1 - 2 * eta * lam) ** steps,
    rtol=1e-12,
)
verify_at_least("L2: still above zero after 100 steps", ell2[-1], 1e-3)
verify(
    "L1: exactly zero after ⌈2/(ηλ)⌉ steps",
    ell1.index(0.0),
    int(np.ceil(2 / (eta * lam))),
)
verify(
    "L1: falls by ηλ each step",
    np.array(ell1[:66]),
    2 - eta * lam * steps[:66],
    atol=1e-12,
)
verify(
    "L2: a weight of 0.001 shrinks by the same factor as one of 2",
    decay_sgd(lambda w: 2 * lam * w, np.array([1e-3, 2.0]), eta, 0, 1) / [1e-3, 2.0],
    [0.94, 0.94],
    rtol=1e-12,
)

# %% [markdown]
r"""
:::{admonition} One is no special size
:class: correction
**The notes say** that $L_2$ leaves values below 1 almost as they are and discourages only values above 1.

**Right is:** the push is $2\lambda w$ for every $w$, and the factor per step, $1-2\eta\lambda$, is the same at all scales, as the last line above shows. Change the units and the 1 would move.
:::

What does that do to ten thousand coefficients? Fifty regressions with two hundred unknowns each, ten of them real. The slider sets $\lambda$ for both penalties, each in its usual normalisation.
"""

# %%
rng = np.random.default_rng(4)
problems = []
for _ in range(50):
    X, w = rng.normal(size=(120, 200)), np.zeros(200)
    w[:10] = rng.normal(size=10) * 2
    problems.append((X, X @ w + rng.normal(size=120)))
strengths = [0.2, 0.1, 0.4, 0.8, 1.4]
histograms = {}
for l in strengths:
    ridge = [
        X.T @ np.linalg.solve(X @ X.T + len(y) * l * np.eye(len(y)), y)
        for X, y in problems
    ]
    picked = [
        linear_model.Lasso(alpha=l, fit_intercept=False, tol=1e-3).fit(X, y).coef_
        for X, y in problems[: 50 if l == 0.2 else 10]
    ]
    histograms[l] = np.ravel(ridge), np.ravel(picked)


# %% tags=["hide-input"]
def spread(lam):
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1), sharey=True)
    for ax, name, values, colour in zip(
        axes, ("ridge", "lasso"), histograms[lam], (plot.BLUE, plot.RED)
    ):
        heights, edges = np.histogram(values, np.linspace(-1.5, 1.5, 61), density=True)
        ax.stairs(heights, edges, color=colour, fill=True)
        ax.set(
            yscale="log",
            ylim=(1e-2, 30),
            xlabel="coefficient",
            title=f"{name}: {np.mean(values == 0):.0%} exact zeros",
        )
    axes[0].set_ylabel("density")
    return fig


explore(
    spread,
    alt="Histograms of coefficients: under ridge a smooth bump around zero that narrows with λ and has no exact zero; under the lasso a spike of exact zeros and a few others",
    lam=strengths,
)

# %%
verify(
    "10 000 coefficients under ridge: exact zeros",
    np.mean(histograms[0.2][0] == 0),
    0.0,
    atol=1e-9,
)
verify_at_least(
    "10 000 coefficients under the lasso: share of exact zeros",
    np.mean(histograms[0.2][1] == 0),
    0.5,
)
X, y = problems[0]
verify(
    "one of the ridge fits, against scikit-learn",
    histograms[0.2][0][:200],
    linear_model.Ridge(alpha=120 * 0.2, fit_intercept=False).fit(X, y).coef_,
    atol=1e-8,
)
verify(
    "the same lasso fit by ISTA: zeros in the same places",
    tuple(np.flatnonzero(ista(X, y, 0.2, 4000))),
    tuple(
        np.flatnonzero(
            linear_model.Lasso(alpha=0.2, fit_intercept=False, tol=1e-8).fit(X, y).coef_
        )
    ),
)

# %% [markdown]
r"""
(weight-magnitude-as-importance)=
A weight that a penalty drove to zero was not needed. May one read the *size* of the others as importance? Only if the inputs are on comparable scales: multiply an input by a thousand, and its coefficient becomes a thousand times smaller while its influence is the same.
"""

# %%
rng, hits = np.random.default_rng(5), 0
for _ in range(100):
    X, w = rng.normal(size=(100, 20)), np.zeros(20)
    relevant = rng.choice(20, 5, replace=False)
    w[relevant] = rng.choice([-1, 1], 5) * rng.uniform(0.7, 1.5, 5)
    y = X @ w + rng.normal(size=100)
    found = linear_model.Lasso(alpha=0.1, fit_intercept=False).fit(X, y).coef_
    hits += set(np.argsort(abs(found))[-5:]) == set(relevant)
verify_at_least(
    "100 runs: the 5 largest of 20 weights are the 5 relevant ones", hits, 95
)

X[:, relevant[0]] *= 1000  # the same data in other units
rescaled = linear_model.Lasso(alpha=0.1, fit_intercept=False).fit(X, y).coef_
verify_at_most(
    "an important input in other units: its weight over that of the others",
    abs(rescaled[relevant[0]]) / abs(rescaled[relevant[1:]]).min(),
    0.01,
)
without = np.delete(np.arange(20), relevant[0])
drop = [
    np.mean((y - X[:, c] @ np.linalg.lstsq(X[:, c], y, rcond=None)[0]) ** 2)
    for c in (np.arange(20), without)
]
verify_at_least(
    "… but leaving that input out multiplies the error by", drop[1] / drop[0], 1.3
)

# %% [markdown]
r"""
## Stopping in time

(validation-error-curve)=
The cheapest regulariser of all costs negative time. While a network trains, its training error falls and goes on falling. The *validation error*, measured on examples that are not trained on, falls with it at first, then parts and often rises: there overfitting begins. Thirty noisy samples of $\sin4x$, networks with two hidden layers of 5, 20 and 60 tanh units, twenty runs each, all with their own data.
"""

# %%
rng = np.random.default_rng(6)


def sine_data(runs, n):
    x = torch.tensor(rng.uniform(-1, 1, (runs, n, 1))).float()
    return x, torch.sin(4 * x) + 0.4 * torch.tensor(rng.normal(size=x.shape)).float()


def errors(W, sample):
    """Mean squared error of each network on its own sample, (S,)."""
    return ((forward(W, sample[0], torch.tanh) - sample[1]) ** 2).mean((1, 2))


parts = {
    "train": sine_data(20, 30),
    "validation": sine_data(20, 200),
    "test": sine_data(20, 200),
}
curves = {}
for q in (5, 20, 60):
    W, record = nets(20, (1, q, q, 1), q), []

    def look(t):
        if t % 16 == 15:
            record.append([errors(W, part) for part in parts.values()])

    train(W, lambda t: errors(W, parts["train"]), 800, lr=0.015, after=look)
    curves[q] = np.array([[part.tolist() for part in row] for row in record])

# %% mystnb={"image": {"alt": "Three panels for 5, 20 and 60 units: training error falls throughout, validation error falls to about 0.2 in the first two hundred steps and then rises again."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.9), sharey=True)
for ax, (q, curve) in zip(axes, curves.items()):
    when = 16 * np.arange(1, len(curve) + 1)
    ax.plot(when, curve[:, 0].mean(1), color=plot.BLUE, label="training")
    ax.plot(when, curve[:, 1].mean(1), color=plot.RED, label="validation")
    ax.axhline(0.16, color=plot.GREY, ls=":", label="noise")
    ax.set(ylim=(0, 0.55), xlabel="steps", title=f"{q} units a layer")
axes[0].set_ylabel("mean squared error")
axes[0].legend(fontsize=9)
plt.show()

# %%
lowest = {q: curve[:, 1].mean(1).min() for q, curve in curves.items()}
for q, curve in curves.items():
    verify_at_least(
        f"{q} units a layer: final validation error over its minimum",
        curve[-1, 1].mean() / lowest[q],
        1.15,
    )
    verify_at_most(
        f"{q} units a layer: final training error, below the noise variance",
        curve[-1, 0].mean(),
        0.16,
    )
    verify_at_least(
        f"{q} units a layer: least validation error, above the noise variance",
        lowest[q],
        0.16,
    )
verify_at_most(
    "the largest network, stopped at its best, over the best of all",
    lowest[60] / min(lowest.values()),
    1.1,
)
verify(
    "variance of the samples around sin 4x",
    torch.var(parts["test"][1] - torch.sin(4 * parts["test"][0])).item(),
    0.16,
    rtol=0.1,
)

# %% [markdown]
r"""
Small networks overfit too, and the largest, stopped in time, is as good as any.

:::{admonition} The training loss need not fall
:class: correction
**The notes say** that the training loss goes down by definition of gradient descent.

**Right is:** it does for the full gradient and a [small enough step](#l-smoothness). With mini-batches, or with larger steps, single steps go up.
:::
"""

# %%
w_full = w_batch = np.zeros(10)
rng, p_loss, ups = (
    np.random.default_rng(7),
    lambda w: np.mean((Xp @ w - yp) ** 2),
    [0, 0],
)
L = np.linalg.eigvalsh(Xp.T @ Xp / len(yp))[-1]
for _ in range(200):
    pick = rng.integers(len(yp), size=8)
    new_full = w_full - 1 / L * p_grad(w_full)
    new_batch = w_batch - 0.1 * Xp[pick].T @ (Xp[pick] @ w_batch - yp[pick]) / 8
    ups[0] += p_loss(new_full) > p_loss(w_full) + 1e-12
    ups[1] += p_loss(new_batch) > p_loss(w_batch) + 1e-12
    w_full, w_batch = new_full, new_batch
verify(
    "full gradient, η = 1/L: steps of 200 that raise the training loss", int(ups[0]), 0
)
verify_at_least("mini-batches of 8: steps of 200 that raise it", int(ups[1]), 40)
verify_at_most(
    "mini-batches of 8 after 200 steps: training loss over the least possible",
    p_loss(w_batch) / p_loss(np.linalg.lstsq(Xp, yp, rcond=None)[0]),
    1.6,
)

# %% [markdown]
r"""
(early-stopping)=
*Early stopping* makes a method of it: watch the validation error, keep the best parameters so far, and stop when there has been no improvement for a number of looks called *patience*. Since the validation set chose the moment, the honest number is the error on a third set.
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


stopper, said = EarlyStopping(2), []
for k, error in enumerate([5.0, 4.0, 4.5, 3.0, 3.2, 3.1, 2.0]):
    said.append(stopper(error, k))
    if said[-1]:
        break
verify(
    "errors 5, 4, 4.5, 3, 3.2, 3.1, 2 with patience 2: stops at look, best look",
    (len(said) - 1, stopper.state),
    (5, 3),
)

# %%
final, stopped = [], []
for q, curve in curves.items():
    for run in range(20):
        stopper = EarlyStopping(10)
        for k, (_, validation, test) in enumerate(curve[:, :, run]):
            if stopper(validation, test):
                break
        stopped.append(stopper.state)
        final.append(curve[-1, 2, run])
verify_at_least(
    "60 runs: share in which stopping early gave the lower test error",
    np.mean(np.array(stopped) < final),
    0.8,
)

# %% [markdown]
r"""
How patient should one be? Noisy regression with more unknowns than examples, plain gradient descent, a small validation set that makes the curve jitter. Too little patience falls for the first bump.
"""

# %%
rng = np.random.default_rng(21)
d = 100
scale = 1 / np.sqrt(np.arange(1, d + 1))
w_true = rng.normal(size=d)
Xs, Xv = (rng.normal(size=(n, d)) * scale for n in (60, 40))
ys, yv = (A @ w_true + 2.5 * rng.normal(size=len(A)) for A in (Xs, Xv))
walk, w = [], np.zeros(d)
for _ in range(600):
    batch = rng.integers(60, size=10)
    w = w - 0.05 * Xs[batch].T @ (Xs[batch] @ w - ys[batch]) / 10
    walk.append(w)
walk = np.array(walk)
v_curve = np.mean((walk @ Xv.T - yv) ** 2, axis=1)
true_curve = ((walk - w_true) ** 2 * scale**2).sum(
    1
) + 2.5**2  # expected over all inputs


def stop_at(patience):
    stopper = EarlyStopping(patience)
    for k, error in enumerate(v_curve):
        if stopper(error, k):
            break
    return k, stopper.state


# %% tags=["hide-input"]
def patient(patience):
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    k, kept = stop_at(patience)
    ax.plot(v_curve, color=plot.ORANGE, lw=1.2, label="validation")
    ax.plot(true_curve, color=plot.GREY, lw=1.2, label="all inputs (unknown)")
    ax.axvline(k, color=plot.BLUE, ls=":", label="stops")
    ax.plot(kept, v_curve[kept], "o", color=plot.RED, label="keeps")
    ax.set(
        xlabel="step", ylabel="mean squared error", title=f"stops at {k}, keeps {kept}"
    )
    ax.legend(ncols=2, loc="upper right")
    return fig


explore(
    patient,
    alt="A jittery validation curve that falls and rises slowly; with little patience training stops at an early bump, with more it finds the flat minimum",
    patience=[1, 3, 6, 12, 32],
)

# %%
k, kept = stop_at(32)
verify(
    "patience 32: the parameters kept have exactly the least error so far",
    np.mean((Xv @ walk[kept] - yv) ** 2),
    min(v_curve[: k + 1]),
    rtol=1e-12,
)
verify_at_least(
    "patience 1 against patience 32: error on all inputs",
    true_curve[stop_at(1)[1]] / true_curve[kept],
    1.2,
)
verify_at_least(
    "the last step against the one kept: error on all inputs",
    true_curve[-1] / true_curve[kept],
    1.05,
)
fresh_X = rng.normal(size=(100_000, d)) * scale
verify_within_se(
    "expected error in closed form, against 100 000 new examples",
    (fresh_X @ (walk[kept] - w_true)) ** 2,
    true_curve[kept] - 2.5**2,
)

# %% [markdown]
r"""
(early-stopping-as-smoothness)=
### Why does it work?

Two reasons. First, from small weights one cannot get far in little time. The length of the way is at most the sum of the steps, so if the gradients are bounded by $G$,

$$
\|\theta_t-\theta_0\|\le\eta\sum_{s<t}\|g_s\|\le\eta tG .
$$ (eq-rg-reach)

The product $\eta t$ bounds the *radius* of the region that training can reach. Second, within it, what is easy comes first. Take features $\frac1k\sin kx$, so that high frequencies are weak: gradient descent fits frequency $k$ with the curvature $\propto1/k^2$, and the time it needs grows like $k^2$.
"""

# %%
W = nets(1, (64, 64, 10), 0)
start, reach = [w.detach().clone() for w in W], []
for t in range(150):
    grads = torch.autograd.grad(nll(forward(W, Dx[:300]), Dy[:300]).sum(), W)
    length = sum((g**2).sum() for g in grads).sqrt().item()
    with torch.no_grad():
        for w, g in zip(W, grads):
            w -= 0.3 * g
        far = sum(((w - s) ** 2).sum() for w, s in zip(W, start)).sqrt().item()
    reach.append((far, length))
far, length = np.array(reach).T
verify_at_most(
    "digit network: distance from the start over η Σ‖g‖, every step",
    far / (0.3 * np.cumsum(length)),
    1.0,
    atol=1e-5,
)
verify("… after one step it is η‖g‖", far[0], 0.3 * length[0], rtol=1e-4)
verify_at_most(
    "… and η Σ‖g‖ over ηtG",
    np.cumsum(length) / (np.arange(1, 151) * length.max()),
    1.0,
    atol=1e-9,
)

# %%
x = np.linspace(0, 2 * np.pi, 200, endpoint=False)
k = np.arange(1, 7)
waves = np.sin(np.outer(x, k)) / k  # (200, 6)
target, theta, fitted = np.sin(np.outer(x, k)).sum(1), np.zeros(6), np.zeros(6, int)
for t in range(1, 1000):
    theta = theta - 0.5 * waves.T @ (waves @ theta - target) / 200
    fitted[(fitted == 0) & (abs(theta / k - 1) < 0.1)] = t
verify(
    "frequencies 1 to 6: steps until 90 % is fitted",
    fitted,
    np.ceil(np.log(0.1) / np.log(1 - 0.25 / k**2)).astype(int),
)
verify_at_least(
    "each higher frequency takes longer, by at least", np.diff(fitted).min(), 10
)

# %% [markdown]
r"""
:::{admonition} Radius, not volume
:class: correction
**The notes say** that early stopping confines the parameters to a sphere of volume proportional to $\eta t$.

**Right is:** the *radius* is at most proportional to $\eta t$; the volume then grows like $(\eta t)^p$ in $p$ dimensions.
:::
"""

# %%
ball_volume = lambda r, p: np.pi ** (p / 2) / special.gamma(p / 2 + 1) * r**p
verify(
    "twice the time: the reachable volume in 10 dimensions grows by 2¹⁰",
    ball_volume(2.0, 10) / ball_volume(1.0, 10),
    1024.0,
    rtol=1e-12,
)

# %% [markdown]
r"""
(early-stopping-equals-l2)=
### Stopped descent is almost ridge

For a linear model with quadratic loss both can be solved, and compared factor by factor. With $H=Q\operatorname{diag}(s_i)Q^\top$ and the minimiser $\theta^*$, a gradient step is $\theta_{t+1}-\theta^*=(I-\eta H)(\theta_t-\theta^*)$. Start at zero, and along eigenvector $i$

$$
\begin{aligned}
\text{stopped at }t:&\quad\theta_i=\bigl(1-(1-\eta s_i)^t\bigr)\,\theta_i^*,\\
\text{ridge:}&\quad\theta_i=\frac{s_i}{s_i+\lambda}\,\theta_i^*.
\end{aligned}
$$ (eq-rg-filters)

Both are filters that pass steep directions and stop flat ones. For small $s_i$ they are $\eta ts_i$ and $s_i/\lambda$ to first order, so they agree if

$$
\lambda=\frac1{\eta t}:
$$ (eq-rg-clock)

training time is the reciprocal of weight decay. For large $s_i$ both are 1. In between they differ; how much? With $u=s\eta t$ and small steps the difference is $1-e^{-u}-\frac u{1+u}$, which has its maximum near $u\approx1.8$.
"""

# %%
stopped_filter = lambda s, eta, t: 1 - (1 - eta * s) ** t
ridge_filter = lambda s, lam: s / (s + lam)
th0 = np.linalg.lstsq(Xp, yp, rcond=None)[0]
eta, t, lam_H = 0.1, 200, np.linalg.eigvalsh(H)
walked = np.zeros(10)
for _ in range(t):
    walked = walked - eta * p_grad(walked)
verify(
    "200 steps of gradient descent, against the filter formula",
    walked,
    Q @ (stopped_filter(lam_H, eta, t) * (Q.T @ th0)),
    atol=1e-10,
)
weights = linear_model.Ridge(alpha=len(yp) / (eta * t), fit_intercept=False)
verify(
    "ridge with λ = 1/(ηt), against its filter",
    weights.fit(Xp, yp).coef_,
    Q @ (ridge_filter(lam_H, 1 / (eta * t)) * (Q.T @ th0)),
    atol=1e-10,
)
verify(
    "both filters at s = 0.001, 0.01 and 1",
    np.array(
        [
            [stopped_filter(s, eta, t), ridge_filter(s, 1 / 20)]
            for s in (0.001, 0.01, 1.0)
        ]
    ),
    np.array([[0.0198, 0.0196], [0.1814, 0.1667], [1.0, 0.9524]]),
    atol=1e-4,
)

# %%
s_grid = np.logspace(-4, 0.9, 4000)
both = stopped_filter(s_grid, eta, t), ridge_filter(s_grid, 1 / (eta * t))
early = s_grid < 0.1 / (eta * t)
verify_at_most(
    "s < 0.1/(ηt): largest relative difference of the filters",
    abs(both[0] / both[1] - 1)[early].max(),
    0.05,
)
verify(
    "largest difference of the filters at η = 0.1",
    (both[0] - both[1]).max(),
    0.205,
    atol=1e-3,
)
u = np.linspace(0, 10, 100_001)
verify(
    "… and in the limit of small steps",
    (1 - np.exp(-u) - u / (1 + u)).max(),
    0.2036,
    atol=1e-4,
)

# %% [markdown]
r"""
:::{admonition} Almost, not equal
:class: correction
**The notes say** that early stopping is equivalent to $L_2$ regularisation.

**Right is:** even for a quadratic loss it is an approximation, exact to first order in $s\eta t$ (or with a separate $\lambda$ for each direction); the filters differ by up to about $0.2$.
:::

Move the hand of the clock. The stopped walk and ridge with $\lambda=1/\eta t$ leave the origin together, part a little, and meet at the minimum.
"""

# %% tags=["hide-input"]
eigen, goal = np.array([1.0, 0.08]), np.array([1.0, 1.0])
clock = np.arange(0, 1200)
stop_way = goal * stopped_filter(eigen, 0.1, clock[:, None])
ridge_way = goal * ridge_filter(eigen, 1 / (0.1 * np.maximum(clock, 1e-3)[:, None]))


def clockwork(steps):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
    plot.contours(
        left,
        lambda a, b: (a - 1) ** 2 + 0.08 * (b - 1) ** 2,
        (-0.1, 1.3),
        (-0.1, 1.3),
        8,
    )
    for way, colour, name in (
        (stop_way, plot.RED, "stopped"),
        (ridge_way, plot.BLUE, "ridge"),
    ):
        left.plot(*way.T, color=colour, lw=1.2)
        left.plot(*way[steps], "o", color=colour)
    left.set(
        xlabel=r"$\theta_1$",
        ylabel=r"$\theta_2$",
        title=rf"$t={steps}$, $\lambda={10 / steps:.3g}$",
    )
    right.semilogx(
        s_grid, stopped_filter(s_grid, 0.1, steps), color=plot.RED, label="stopped"
    )
    right.semilogx(
        s_grid, ridge_filter(s_grid, 10 / steps), color=plot.BLUE, label="ridge"
    )
    right.set(xlabel="eigenvalue $s$", title="share that is fitted")
    right.legend(loc="upper left")
    return fig


explore(
    clockwork,
    alt="Left the paths of stopped gradient descent and of ridge from the origin to the minimum, close together, right their filters, two S-shaped curves that move left as time goes on",
    steps=[30, 5, 10, 60, 120, 250, 1000],
)
# %% [markdown]
r"""
## More data than there are

(data-augmentation)=
### Augmentation

A digit moved by one pixel is the same digit. A network that sees the pixels as sixty-four unrelated numbers cannot know. *Data augmentation* tells it: add transformed copies (shifted, rotated, rescaled, noisy) that keep their label. We train on 1400 images, once as they are, once shifted at random in every step by up to a pixel each way, and test on shifted images.
"""

# %%
one = torch.zeros(1, 64)
one[0, 8 * 3 + 4] = 1.0  # a bright pixel in row 3, column 4
verify(
    "the nine shifts move it to rows 2 to 4, columns 3 to 5",
    tuple(sorted(shifts(one).argmax(-1).flatten().tolist())),
    tuple(8 * r + c for r in (2, 3, 4) for c in (3, 4, 5)),
)
verify("shift 4 is the image itself", shifts(Dx)[4], Dx, atol=1e-12)
views, verdict = shifts(Tx), {}
for name in ("none", "augmentation"):
    W = learn(name, Dx, Dy, S=1, steps=300)
    verdict[name] = [
        accuracy(forward(W, Tx), Ty).item(),
        np.mean([accuracy(forward(W, v), Ty) for v in views]),
    ]
    print("{}: clean {:.2f}, shifted {:.2f}".format(name, *verdict[name]))
verify_at_most(
    "trained as they are: accuracy on shifted images", verdict["none"][1], 0.65
)
verify_at_least(
    "trained with shifts: accuracy on shifted images", verdict["augmentation"][1], 0.88
)
verify_at_least(
    "trained with shifts: accuracy gained on unshifted images",
    verdict["augmentation"][0] - verdict["none"][0],
    -0.04,
)

# %% [markdown]
r"""
(noise-robustness)=
### Noise

The crudest copy adds noise. For a linear model one can say exactly what that does. Let the entries of $N$ be independent with mean 0 and variance $\sigma^2$. The mixed term vanishes in the mean, and each of the $n$ rows contributes $\mathbb E(N_i^\top w)^2=\sigma^2\|w\|^2$:

$$
\mathbb E\,\|y-(X+N)w\|^2=\|y-Xw\|^2+n\sigma^2\|w\|^2
$$ (eq-rg-noise)

Noise on the inputs *is* ridge, with $\lambda=n\sigma^2$. On weights or labels it regularises too.
"""

# %%
rng = np.random.default_rng(8)
X, y, w, sigma = rng.normal(size=(30, 5)), rng.normal(size=30), rng.normal(size=5), 0.4
noise = sigma * rng.normal(size=(2000, 30, 5))
verify_within_se(
    "2000 noisy inputs: mean squared residual is ‖y − Xw‖² + nσ²‖w‖²",
    ((y - (X + noise) @ w) ** 2).sum(1),
    ((y - X @ w) ** 2).sum() + 30 * sigma**2 * w @ w,
)
replicas = (X + noise).reshape(-1, 5)
noisy_fit = np.linalg.lstsq(replicas, np.tile(y, 2000), rcond=None)[0]
ridge = np.linalg.solve(X.T @ X + 30 * sigma**2 * np.eye(5), X.T @ y)
verify_at_most(
    "least squares on 2000 noisy copies: relative distance from that ridge fit",
    np.linalg.norm(noisy_fit - ridge) / np.linalg.norm(ridge),
    0.02,
)
verify_at_least(
    "… and from the fit without noise",
    np.linalg.norm(noisy_fit - np.linalg.lstsq(X, y, rcond=None)[0])
    / np.linalg.norm(ridge),
    0.05,
)

# %% [markdown]
r"""
Noise on labels: with probability $\varepsilon$ replace the label by one drawn from all $K$ classes. The cross entropy is linear in the target, so in the mean this trains on the *smoothed* target $(1-\varepsilon)e_y+\frac\varepsilon K\mathbf 1$. That target can be used directly, without any noise.
"""

# %%
logits = torch.randn(
    6, 4, generator=torch.Generator().manual_seed(0), requires_grad=True
)
labels, eps = torch.tensor([0, 1, 2, 3, 0, 2]), 0.2
average = sum(  # over the four labels that the lottery may draw, and over no lottery
    p * F.cross_entropy(logits, l)
    for p, l in [(1 - eps, labels)] + [(eps / 4, torch.full((6,), c)) for c in range(4)]
)
smooth = F.cross_entropy(logits, labels, label_smoothing=eps)
verify(
    "mean gradient under noisy labels, against torch's label smoothing",
    torch.autograd.grad(average, logits)[0],
    torch.autograd.grad(smooth, logits)[0],
    atol=1e-10,
)

# %% [markdown]
r"""
### Other data, other tasks, fewer weights

(semi-supervised-learning)=
Labels are dear, inputs cheap. *Semi-supervised learning* uses unlabelled inputs for what they say about $p(x)$: digits come in clusters, and a label can spread along them. Twenty labelled images and 780 without a label:

(multi-task-learning)=
*Multi-task learning* lets several outputs share their hidden layers, so that each task narrows down the representation of the others. The smallest case is linear: ten tasks in $\mathbb R^{30}$ whose weight vectors lie in a common plane, with fifteen examples each, too few for any task alone. The shared model $W=AB$ with $B$ of rank 2 is fitted by alternating least squares.
"""

# %%
gains = []
for draw in range(10):
    rng = np.random.default_rng(draw)
    pick = rng.permutation(1400)[:800]
    X, y = digits.X_train[pick], digits.y_train[pick]
    hidden = y.copy()
    hidden[20:] = -1  # scikit-learn's sign for "no label"
    spread_to = semi_supervised.LabelSpreading(kernel="knn", n_neighbors=7, alpha=0.2)
    guess = spread_to.fit(X, hidden).transduction_[20:]
    alone = linear_model.LogisticRegression(max_iter=200).fit(X[:20], y[:20])
    gains.append(np.mean(guess == y[20:]) - alone.score(X[20:], y[20:]))
verify_at_least(
    "20 labels: accuracy gained from 780 images without label, in standard errors",
    np.mean(gains) / (np.std(gains, ddof=1) / np.sqrt(10)),
    3.0,
)


# %%
def shared_plane(X, Y, rounds=20, ridge=0.3):
    """W = A B for tasks X (T, n, d), Y (T, n): alternate between A (T, 2) and B (2, d)."""
    T, n, d = X.shape
    alone = np.stack(
        [x.T @ np.linalg.solve(x @ x.T + np.eye(n), y) for x, y in zip(X, Y)]
    )
    B = np.linalg.svd(alone)[2][:2]
    for _ in range(rounds):
        A = np.stack([np.linalg.lstsq(x @ B.T, y, rcond=None)[0] for x, y in zip(X, Y)])
        design = np.einsum("tk,tnd->tnkd", A, X).reshape(T * n, -1)  # linear in B
        B = np.linalg.solve(
            design.T @ design + ridge * np.eye(2 * d), design.T @ Y.ravel()
        ).reshape(2, d)
    return A @ B, alone


mistakes = []
for seed in range(20):
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(10, 2)) @ rng.normal(size=(2, 30)) / np.sqrt(2)
    X = rng.normal(size=(10, 15, 30))
    Y = np.einsum("tnd,td->tn", X, W) + 0.5 * rng.normal(size=(10, 15))
    mistakes.append([((found - W) ** 2).sum(1).mean() for found in shared_plane(X, Y)])
together, apart = np.mean(mistakes, axis=0)
verify_at_most(
    "ten related tasks: test error sharing a plane over separate ridge fits",
    together / apart,
    0.8,
)

# %% [markdown]
r"""
(parameter-sharing)=
*Parameter sharing* ties weights: the kernel of a convolution at all positions, the matrix of a recurrent network at all times. Fewer numbers are free, and a symmetry is built in. The gradient of a tied weight is the sum over its uses, by the chain rule. To see what it buys, hide a pattern of five numbers at a random place in twenty noisy ones. The detector is a filter at each of sixteen places and a soft maximum over the places; one version shares the filter, the other has sixteen of its own.
"""

# %%
g = torch.Generator().manual_seed(3)


def signals(n):
    X, y = torch.randn(n, 20, generator=g), torch.arange(n) % 2
    where = torch.randint(16, (n,), generator=g)
    pattern = torch.tensor([2.0, -2.0, 2.0, 2.0, -2.0])
    for i in range(1, n, 2):  # every second signal holds the pattern
        X[i, where[i] : where[i] + 5] += pattern
    return X.unfold(1, 5, 1), y.double()  # windows (n, 16, 5)


def detector(filters, bias, windows):
    return torch.logsumexp((windows * filters).sum(-1), 1) + bias


windows, y = signals(100)
fresh, fresh_y = signals(2000)
scores = {}
for name, places in (("shared", 1), ("untied", 16)):
    filters = (0.1 * torch.randn(places, 5, generator=g)).requires_grad_()
    bias = torch.zeros(1, requires_grad=True)
    train(
        [filters, bias],
        lambda t: F.binary_cross_entropy_with_logits(
            detector(filters, bias, windows), y
        ),
        250,
        lr=0.03,
    )
    scores[name] = ((detector(filters, bias, fresh) > 0) == fresh_y).double().mean()
verify_at_least(
    "100 examples: accuracy of the shared filter minus the untied ones",
    scores["shared"] - scores["untied"],
    0.1,
)

# %%
shared = torch.randn(1, 5, generator=g, requires_grad=True)
untied = shared.detach().expand(16, 5).clone().requires_grad_()
tied_grad, each = (
    torch.autograd.grad(detector(f, 0.0, windows).sum(), f)[0] for f in (shared, untied)
)
verify(
    "gradient of a shared filter: the sum over its 16 uses",
    tied_grad[0],
    each.sum(0),
    atol=1e-10,
)

# %% [markdown]
r"""
## Many models

(ensemble)=
Ask several models and take the mean. If each has errors of variance $v$, and two of them have correlation $\rho$, the mean of $M$ has variance

$$
\frac1{M^2}\bigl(Mv+M(M-1)\rho v\bigr)=\rho v+\frac{1-\rho}Mv .
$$ (eq-rg-ensemble)

What is common to all stays; the rest is averaged away. And without any assumption the mean is never worse than its members are on average. For squared errors, with $\bar f=\frac1M\sum_kf_k$,

$$
(\bar f-y)^2=\frac1M\sum_k(f_k-y)^2-\frac1M\sum_k(f_k-\bar f)^2,
$$ (eq-rg-ambiguity)

since the mixed term $\frac2M(\bar f-y)\sum_k(f_k-\bar f)$ is zero. For the log-loss Jensen's inequality says the same. The price is $M$ trainings and $M$ evaluations.

Thirty networks with one hidden layer, each trained on its own forty points of the sine, so that $\rho$ is what bias and chance make it:
"""

# %%
rng = np.random.default_rng(9)
boxes = sine_data(30, 40)
members = nets(30, (1, 30, 1), 9)
members = train(members, lambda t: errors(members, boxes), 300, lr=0.02)
xs = torch.linspace(-1, 1, 101).float().view(-1, 1)
guesses = forward(members, xs, torch.tanh)[..., 0].double().numpy()  # (30, 101)
target = np.sin(4 * np.linspace(-1, 1, 101))
mean_guess = guesses.mean(0)
verify(
    "ensemble's error = members' mean error − mean spread",
    np.mean((mean_guess - target) ** 2),
    np.mean((guesses - target) ** 2) - np.mean(guesses.var(0)),
    rtol=1e-10,
)

# %%
E = guesses - target
second = E @ E.T / 101  # mean products of errors, (30, 30)
v, rho_v = np.trace(second) / 30, (second.sum() - np.trace(second)) / (30 * 29)
sizes, rng = np.array([1, 2, 3, 5, 10, 20, 30]), np.random.default_rng(10)
measured = [
    np.mean(
        [np.mean(E[rng.choice(30, M, replace=False)].mean(0) ** 2) for _ in range(400)]
    )
    for M in sizes
]
predicted = rho_v + (v - rho_v) / sizes
verify(
    "error of ensembles of 1 to 30 networks, against ρv + (1 − ρ)v/M",
    np.array(measured),
    predicted,
    rtol=0.1,
)
verify_at_most(
    "thirty networks together: error over that of one", measured[-1] / v, 0.6
)

# %%
ten = learn("none", Dx[:300], Ly[:300], S=10)
probability = forward(ten, Tx).softmax(-1)
true_class = lambda p: p[..., torch.arange(len(Ty)), Ty]
together = -true_class(probability.mean(0)).log().mean()
verify_at_most(
    "10 digit networks: log-loss of their mean over the mean log-loss",
    together / nll(forward(ten, Tx), Ty).mean(),
    0.9,
)
verify(
    "the members' mean log-loss, from the probabilities",
    -true_class(probability).log().mean(),
    nll(forward(ten, Tx), Ty).mean(),
    rtol=1e-4,
)

# %% [markdown]
r"""
:::{admonition} A Bayesian network is not an ensemble
:class: correction
**The notes say** that Bayesian networks are an example of ensemble prediction.

**Right is:** a Bayesian network is a graph of conditional independences, one model. Meant is Bayesian model averaging, for instance of neural networks, which weights the members by their posterior probability. For linear models that average is a single linear model: the mean of the predictions is the prediction of the mean, as the next cell samples.
:::
"""

# %%
rng = np.random.default_rng(11)
X, y, x_new = rng.normal(size=(15, 4)), rng.normal(size=15), rng.normal(size=4)
cov = np.linalg.inv(X.T @ X / 0.5 + np.eye(4))  # noise variance ½, prior variance 1
post = cov @ X.T @ y / 0.5
draws = rng.multivariate_normal(post, cov, 20_000)
ridge = linear_model.Ridge(alpha=0.5, fit_intercept=False).fit(X, y)
verify_within_se(
    "mean prediction of 20 000 posterior models, against one ridge model",
    draws @ x_new,
    ridge.predict(x_new[None])[0],
)

# %% [markdown]
r"""
(bagging)=
Where do different models come from when there is one data set? *Bagging* {cite:p}`breiman1996` draws $K$ *bootstrap samples*, $N$ examples with replacement, trains a model on each and averages the output probabilities, $p(y\mid x)=\frac1K\sum_kp(y\mid x;\theta_k)$. A given example is missed by all $N$ draws with probability $(1-\frac1N)^N\approx e^{-1}$, so a sample holds about $63.2\,\%$ of the examples. Decision trees, which jump at the slightest change of the data, profit most; random forests {cite:p}`breiman2001` also vary the inputs.
"""

# %%
rng, distinct, votes, singles, bagged = np.random.default_rng(12), [], 0, [], []
for k in range(30):
    sample = rng.integers(len(digits.X_train), size=len(digits.X_train))
    distinct.append(len(np.unique(sample)) / len(sample))
    one_tree = tree.DecisionTreeClassifier(random_state=k)
    one_tree.fit(digits.X_train[sample], digits.y_train[sample])
    p = one_tree.predict_proba(digits.X_test)
    votes = votes + p
    singles.append(np.mean(p.argmax(1) == digits.y_test))
    bagged.append(np.mean(votes.argmax(1) == digits.y_test))
verify_within_se(
    "share of distinct examples in a bootstrap sample",
    np.array(distinct),
    1 - (1 - 1 / 1400) ** 1400,
)
verify(
    "… which is nearly 1 − 1/e", 1 - (1 - 1 / 1400) ** 1400, 1 - np.exp(-1), rtol=1e-3
)
verify_at_least(
    "30 bagged trees: accuracy gained over the mean single tree",
    bagged[-1] - np.mean(singles),
    0.08,
)
verify("the first bag of one is the first tree", bagged[0], singles[0], rtol=1e-12)
forest = ensemble.RandomForestClassifier(60, random_state=0)
forest.fit(digits.X_train, digits.y_train)
verify_at_least(
    "a random forest of 60 trees: gain over the mean single tree",
    forest.score(digits.X_test, digits.y_test) - np.mean(singles),
    0.1,
)

# %% mystnb={"image": {"alt": "Test accuracy of bagged trees against their number, rising steeply from about 0.83 for one tree and levelling off above 0.93; a dotted line marks the single trees."}} tags=["hide-input"]
plt.plot(range(1, 31), bagged, ".-", color=plot.BLUE, label="bagged trees")
plt.axhline(np.mean(singles), color=plot.GREY, ls=":", label="single tree, mean")
plt.ylim(0.8, 1)
plt.xlabel("trees in the bag")
plt.ylabel("test accuracy")
plt.legend()
plt.show()
# %% [markdown]
r"""
(dropout)=
## Dropout

Thirty networks cost thirty trainings. *Dropout* {cite:p}`srivastava2014` trains a crowd for the price of one. In each step keep every unit independently with probability $\pi$ (about $0.8$ for inputs, $0.5$ for hidden units) and remove the others with all their connections. With $n$ units there are $2^n$ such *thinned networks*, and they share their weights. At test time all units are used, with their outgoing weights multiplied by $\pi$, so that the next layer receives what it received in the mean; or, the same thing, kept units are divided by $\pi$ in training (*inverted dropout*, as in PyTorch).
"""


# %%
def dropout(h, pi, generator):
    """Inverted dropout: keep with probability pi, and divide by pi."""
    return h * (torch.rand(h.shape, generator=generator) < pi) / pi


g = torch.Generator().manual_seed(1)
ours = dropout(torch.ones(200, 5000), 0.8, g)
torch.manual_seed(2)
layer = torch.nn.Dropout(0.2)  # PyTorch's argument is the share that is dropped
theirs = layer(torch.ones(200, 5000))
for name, out in (("ours", ours), ("nn.Dropout", theirs)):
    verify(f"{name}, a million units: values", out.unique(), [0.0, 1.25], rtol=1e-6)
    verify_within_se(f"{name}: mean", out.mean(1), 1.0)
    kept = (out > 0).double().sum(1)
    verify_within_se(f"{name}: units kept of 5000, in the mean", kept, 4000.0)
    verify(
        f"{name}: variance of the kept number, binomial",
        kept.var(),
        5000 * 0.8 * 0.2,
        rtol=0.4,
    )
verify(
    "in evaluation mode the layer does nothing", layer.eval()(ours), ours, atol=1e-15
)

# %% mystnb={"image": {"alt": "Eight thinned copies of a network with four inputs, five hidden units and two outputs; in each a different random half of the hidden units and some inputs are missing with their connections."}} tags=["hide-input"]
rng = np.random.default_rng(13)
fig, axes = plt.subplots(2, 4, figsize=(6.8, 3.4))
layers = (4, 5, 2)
places = {
    (l, i): (l, i - (size - 1) / 2)
    for l, size in enumerate(layers)
    for i in range(size)
}
for ax in axes.flat:
    alive = [u for u in places if rng.uniform() < (0.8, 0.5, 1)[u[0]]]
    graph = nx.Graph([(a, b) for a in alive for b in alive if b[0] == a[0] + 1])
    graph.add_nodes_from(alive)
    nx.draw_networkx_nodes(
        graph, places, places, node_size=45, node_color="#DDDDDD", ax=ax
    )
    nx.draw_networkx_nodes(
        graph, places, alive, node_size=45, node_color=plot.BLUE, ax=ax
    )
    nx.draw_networkx_edges(graph, places, ax=ax, edge_color=plot.GREY, width=0.7)
    ax.axis("off")
plt.show()

# %% [markdown]
r"""
:::{admonition} Half of the units, on average
:class: correction
**The notes say** that 50 % dropout ignores half of the neurons in each iteration, and give 20 % and 50 % as values of a *retention* probability.

**Right is:** units are dropped independently, so half are gone only on average, and outputs must be rescaled. The customary retention is $0.8$ for inputs and $0.5$ for hidden units; PyTorch's `p` is the share dropped, $0.2$ and $0.5$.
:::
"""

# %%
masks = torch.rand(100_000, 10, generator=g) < 0.5
verify_within_se(
    "50 % dropout of 10 units: exactly half are dropped with probability",
    (masks.sum(1) == 5).double(),
    special.comb(10, 5) / 2**10,
)

# %% [markdown]
r"""
(dropout-weight-scaling)=
### Is one scaled network the average of all?

For eight hidden units all $2^8=256$ masks can be enumerated, each with its probability $\pi^{k}(1-\pi)^{8-k}$. So we need not trust sampling: three numbers stand side by side, the exact average, the average of sampled masks, and the one network with scaled weights.

:::{prf:theorem} Weight scaling
:label: thm-rg-scaling
With masks $m$ of keep probability $\pi$, replacing $m$ by $\pi$ gives exactly

1. the arithmetic mean of the thinned networks, if the output is linear in the masked units;
2. their normalised geometric mean, if a softmax of such an output follows.
:::

:::{prf:proof}
The first is $\mathbb E(v^\top(m\odot h))=v^\top(\pi h)$. For the second let $z_m$ be the logits, linear in $m$. The geometric mean of the softmax outputs, weighted by $p(m)$, has the logarithm

$$
\sum_mp(m)\bigl(z_m-c_m\mathbf 1\bigr)=z_{\pi}-\bar c\,\mathbf 1 ,
$$

where $c_m$ is the log-normaliser. The constant drops out on normalising: what is left is $\operatorname{softmax}(z_\pi)$.
:::

With another nonlinearity after the masked units it is an approximation. In the cell the third network has a second hidden layer of rectified units.
"""

# %%
rng = np.random.default_rng(14)
pi, h = 0.6, rng.normal(size=8)
V, U2, u = rng.normal(size=(3, 8)), rng.normal(size=(8, 8)), rng.normal(size=8)
every = np.array(list(itertools.product([0, 1], repeat=8)))  # (256, 8)
chance = pi ** every.sum(1) * (1 - pi) ** (8 - every.sum(1))
softmax = lambda z: special.softmax(z, axis=-1)
relu = lambda z: np.maximum(z, 0)

linear_all = (every * h) @ V.T  # (256, 3)
verify("the 256 probabilities add up to one", chance.sum(), 1.0, rtol=1e-12)
verify(
    "linear output: mean over 256 masks = scaled network",
    chance @ linear_all,
    V @ (pi * h),
    atol=1e-14,
)
geometric = np.exp(chance @ np.log(softmax(linear_all)))
verify(
    "softmax: normalised geometric mean of 256 = scaled network",
    geometric / geometric.sum(),
    softmax(V @ (pi * h)),
    atol=1e-14,
)
verify_at_least(
    "softmax: the arithmetic mean differs from it by up to",
    abs(chance @ softmax(linear_all) - softmax(V @ (pi * h))).max(),
    0.01,
)

# %%
drawn = rng.uniform(size=(100_000, 8)) < pi
for name, net in (
    ("linear", lambda m: (m * h) @ V[0]),
    ("softmax", lambda m: softmax((m * h) @ V.T)[..., 0]),
    ("deep ReLU", lambda m: relu((m * h) @ U2.T) @ u),
):
    exact = sum(p * net(m) for p, m in zip(chance, every))
    scaled = net(np.full(8, pi))
    print(f"{name:10s} all 256 masks {exact:+.4f}, scaled network {scaled:+.4f}")
    verify_within_se(
        f"{name}: 100 000 sampled masks, against all 256", net(drawn), exact
    )
gap = abs(exact - scaled)
verify_at_least("deep ReLU: scaled network minus exact average", gap, 1e-2)
verify_at_most("… in spreads of the single masks", gap / net(every).std(), 0.5)

# %% [markdown]
r"""
Few sampled masks are noisy, the exact average is out of reach for any real network, and the scaled network costs one pass. Slide the number of sampled masks and see how many it takes to do as well as the scaled network.
"""

# %% tags=["hide-input"]
sampled_net = net(drawn)


def sampling(masks):
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    means = sampled_net[: (100_000 // masks) * masks].reshape(-1, masks).mean(1)[:1000]
    low, high = sampled_net.min(), sampled_net.max()
    heights, edges = np.histogram(means, np.linspace(low, high, 60))
    ax.stairs(heights / heights.max(), edges, color=plot.SKY, fill=True)
    ax.axvline(exact, color=plot.RED, label="all 256 masks")
    ax.axvline(scaled, color=plot.BLUE, ls="--", label="scaled network")
    ax.set(xlabel="output", yticks=[], title=f"means of {masks} sampled masks")
    ax.legend(loc="upper left")
    return fig


explore(
    sampling,
    alt="Histogram of means over sampled masks, wide for one mask and narrowing around the exact average as their number grows; the scaled network stands a little beside it",
    masks=[1, 3, 10, 30, 100],
)

# %% [markdown]
r"""
(dropout-as-ensemble)=
### Bagging with shared weights

Each step trains one random member on one random mini-batch, and as the weights are shared, all members move at once. No member is trained to the end, the crowd is; most of an astronomical crowd is never drawn. Even with 256 members, 300 steps meet only some: a given mask is missed by all with probability $(255/256)^{300}$, so about $256\,(1-(255/256)^{300})=176.9$ are met (with $\pi=\frac12$). Then we ask every single one, met or not, for its accuracy.
"""

# %%
W = nets(1, (64, 8, 10), 3)
g, met = torch.Generator().manual_seed(4), []


def masked(W, X, mask):
    hidden = torch.tanh(X @ W[0][0, :-1] + W[0][0, -1])
    return (hidden * mask / 0.5) @ W[1][0, :-1] + W[1][0, -1]


def one_member(t):
    mask = (torch.rand(8, generator=g) < 0.5).float()
    met.append(tuple(mask.tolist()))
    batch = torch.randint(1400, (64,), generator=g)
    return F.cross_entropy(masked(W, Dx[batch], mask), Dy[batch])


W = train(W, one_member, 300, lr=0.01)
verify(
    "distinct masks met in 300 steps",
    len(set(met)),
    256 * (1 - (255 / 256) ** 300),
    atol=20,
)
crowd = {
    tuple(m): (masked(W, Tx, torch.tensor(m).float()).argmax(1) == Ty)
    .double()
    .mean()
    .item()
    for m in every.tolist()
}
together = (forward(W, Tx, torch.tanh)[0].argmax(1) == Ty).double().mean().item()
five = [a for m, a in crowd.items() if sum(m) == 5]
verify_at_least(
    "the whole network: accuracy gained over the mean member",
    together - np.mean(list(crowd.values())),
    0.2,
)
unmet = [a for m, a in crowd.items() if m not in set(met) and 3 <= sum(m) <= 5]
verify_at_least(
    "members with 3 to 5 units never trained themselves: mean accuracy, "
    "where chance is 0.1",
    np.mean(unmet),
    0.35,
)
verify(
    "the member with no unit guesses one class for all",
    crowd[(0,) * 8],
    (Ty == W[1][0, -1].argmax()).double().mean().item(),
    rtol=1e-9,
)
mean_logits = (
    sum(masked(W, Tx[:5], torch.tensor(m).float()) for m in every.tolist()) / 256
)
verify(
    "mean logits of the 256 members: those of the whole network, exactly",
    mean_logits,
    forward(W, Tx[:5], torch.tanh)[0],
    atol=1e-4,
)

# %% mystnb={"image": {"alt": "Histogram of the test accuracies of the 256 members, spread from chance to nearly the accuracy of the whole network, which is marked at the right end."}} tags=["hide-input"]
plt.hist(list(crowd.values()), 30, color=plot.SKY)
plt.axvline(together, color=plot.RED, label="all units, weights scaled")
plt.xlabel("test accuracy")
plt.ylabel("members (of 256)")
plt.legend(loc="upper left")
plt.show()

# %% [markdown]
r"""
(dropout-as-penalty)=
### On a linear model, dropout is an adaptive ridge

Drop the *inputs* of a linear model. The prediction for row $i$ is $\sum_jx_{ij}m_{ij}w_j$, with mean $\pi x_i^\top w$ and, since $\operatorname{Var}m_{ij}=\pi(1-\pi)$, variance $\pi(1-\pi)\sum_jx_{ij}^2w_j^2$. A mean square is the square of the mean plus the variance:

$$
\mathbb E\,\|y-(X\odot M)w\|^2=\|y-\pi Xw\|^2+\pi(1-\pi)\sum_jw_j^2\sum_ix_{ij}^2
$$ (eq-rg-dropout)

So dropout minimises a ridge objective in which each weight has its own $\lambda_j$, proportional to the energy of its column. Set $v=\pi w$, the weights used at test time. Then $\lambda_j=\frac{1-\pi}\pi\sum_ix_{ij}^2$: large inputs are charged more, so unlike ridge, dropout does not care about units.
"""

# %%
rng = np.random.default_rng(15)
X = rng.normal(size=(50, 6)) * [0.5, 1, 1, 1, 2, 4]
y, w, pi = rng.normal(size=50) * 3, rng.normal(size=6), 0.7
M = rng.uniform(size=(20_000, 50, 6)) < pi
energy = (X**2).sum(0)
verify_within_se(
    "20 000 masks of the inputs: mean squared residual, against the formula",
    ((y - (X * M) @ w) ** 2).sum(1),
    ((y - pi * X @ w) ** 2).sum() + pi * (1 - pi) * w**2 @ energy,
)
dropped = optimize.minimize(
    lambda w: ((y - pi * X @ w) ** 2).sum() + pi * (1 - pi) * w**2 @ energy,
    np.zeros(6),
    jac=lambda w: -2 * pi * X.T @ (y - pi * X @ w) + 2 * pi * (1 - pi) * energy * w,
    options={"gtol": 1e-10},
).x
ridge = np.linalg.solve(X.T @ X + np.diag((1 - pi) / pi * energy), X.T @ y)
verify(
    "the weights used at test time, πw: ridge with λⱼ = (1 − π)/π Σᵢxᵢⱼ²",
    pi * dropped,
    ridge,
    atol=1e-8,
)
seen = np.linalg.lstsq((X * M[:2000]).reshape(-1, 6), np.tile(y, 2000), rcond=None)[0]
verify_at_most(
    "least squares on 2000 masked copies: relative distance from that ridge",
    np.linalg.norm(pi * seen - ridge) / np.linalg.norm(ridge),
    0.03,
)
units = np.array([1000.0, 1, 1, 1, 1, 1])
again = np.linalg.solve(
    (X * units).T @ (X * units) + np.diag((1 - pi) / pi * energy * units**2),
    (X * units).T @ y,
)
verify(
    "one input in other units: the prediction stays",
    X * units @ again,
    X @ ridge,
    atol=1e-10,
)

# %% [markdown]
r"""
(dropout-properties)=
In a deep network units may correct each other's errors (*co-adaptation*); a unit whose partners vanish at random must be useful alone. The price is noisier steps and slower training. Two hundred images with wrong labels among them, a larger network, five initialisations:
"""

# %%
results = {}
for name, keep in (("without", None), ("with dropout", (0.8, 0.5, 0.5))):
    W, g = nets(5, (64, 128, 64, 10), 5), torch.Generator().manual_seed(6)
    W = train(
        W,
        lambda t: nll(forward(W, Dx[:200], keep=keep, generator=g), Ly[:200]),
        120,
        lr=0.005,
    )
    hidden = torch.relu(torch.baddbmm(W[0][:, -1:], Tx.expand(5, -1, -1), W[0][:, :-1]))
    results[name] = (
        nll(forward(W, Dx[:200]), Ly[:200]).mean().item(),
        accuracy(forward(W, Tx), Ty).mean().item(),
        (hidden < 0.01).double().mean().item(),
    )
    print(
        "{:12s} train loss {:.2f}, accuracy {:.2f}, silent units {:.2f}".format(
            name, *results[name]
        )
    )
verify_at_least(
    "200 digits: training loss with dropout over without, same step",
    results["with dropout"][0] / results["without"][0],
    5.0,
)
verify_at_least(
    "200 digits with wrong labels: accuracy gained by dropout",
    results["with dropout"][1] - results["without"][1],
    0.05,
)
# %% [markdown]
r"""
## Normalisation

(internal-covariate-shift)=
A layer deep in a network learns on inputs that change as the layers before it learn. This drift of a layer's input distribution was named *internal covariate shift* {cite:p}`ioffe2015`; the remedy proposed was to fix mean and variance of every unit, batch by batch.

(batch-normalization)=
### Batch normalisation

For each feature $j$ take mean $\mu_j$ and variance $\sigma_j^2$ over the $m$ examples of the mini-batch, then normalise, and let the network choose scale and shift anew:

$$
\hat x_{ij}=\frac{x_{ij}-\mu_j}{\sqrt{\sigma_j^2+\epsilon}},\qquad y_{ij}=\gamma_j\hat x_{ij}+\beta_j
$$ (eq-rg-bn)

Nothing is lost: $\gamma_j=\sqrt{\sigma_j^2+\epsilon}$, $\beta_j=\mu_j$ undoes it. What is won is that mean and scale now hang on two numbers instead of on all layers before. The small $\epsilon$ prevents a division by zero.

The backward pass must go through $\mu_j$ and $\sigma_j$, which depend on all examples. Drop the index $j$, write $r=1/\sqrt{\sigma^2+\epsilon}$ and $\hat g_i=\gamma\,\partial\ell/\partial y_i$. Since $d\mu=\frac1m\sum_kdx_k$ and $d\sigma^2=\frac2m\sum_k(x_k-\mu)\,dx_k$,

$$
d\hat x_i=r\Bigl(dx_i-\frac1m\sum_kdx_k-\hat x_i\,\frac1m\sum_k\hat x_k\,dx_k\Bigr).
$$

Now $d\ell=\sum_i\hat g_i\,d\hat x_i$; collect what multiplies $dx_k$:

$$
\frac{\partial\ell}{\partial x_k}=r\Bigl(\hat g_k-\frac1m\sum_i\hat g_i-\hat x_k\,\frac1m\sum_i\hat g_i\hat x_i\Bigr)
$$ (eq-rg-bn-backward)

The gradient has its mean taken out, and its component along $\hat x$: shifting or stretching the whole batch changes nothing, so no gradient points there.
"""


# %%
def bn_forward(x, gamma, beta, eps=1e-5):
    r = 1 / np.sqrt(x.var(0) + eps)
    x_hat = (x - x.mean(0)) * r
    return gamma * x_hat + beta, x_hat, r


def bn_backward(grad, x_hat, r, gamma):
    """Gradients for x, gamma and beta."""
    g = gamma * grad
    dx = r * (g - g.mean(0) - x_hat * (g * x_hat).mean(0))
    return dx, (grad * x_hat).sum(0), grad.sum(0)


rng = np.random.default_rng(16)
x = rng.normal(2, 3, (16, 5))
gamma, beta, grad = rng.normal(size=5), rng.normal(size=5), rng.normal(size=(16, 5))
out, x_hat, r = bn_forward(x, gamma, beta)
layer = torch.nn.BatchNorm1d(5)
with torch.no_grad():
    layer.weight.copy_(torch.tensor(gamma))
    layer.bias.copy_(torch.tensor(beta))
xt = torch.tensor(x, requires_grad=True)
verify("batch norm forward, against nn.BatchNorm1d", out, layer(xt), atol=1e-8)
theirs = torch.autograd.grad(
    layer(xt), (xt, layer.weight, layer.bias), torch.tensor(grad)
)
ours = bn_backward(grad, x_hat, r, gamma)
for name, a, b in zip(("x", "γ", "β"), ours, theirs):
    verify(f"batch norm backward for {name}, against nn.BatchNorm1d", a, b, atol=1e-8)

# %%
verify("normalised: mean 0", x_hat.mean(0), np.zeros(5), atol=1e-12)
verify(
    "normalised: variance σ²/(σ² + ε)",
    x_hat.var(0),
    x.var(0) / (x.var(0) + 1e-5),
    rtol=1e-10,
)
verify(
    "γ = √(σ² + ε), β = μ undo it",
    bn_forward(x, np.sqrt(x.var(0) + 1e-5), x.mean(0))[0],
    x,
    atol=1e-13,
)
step = np.zeros((16, 5))
step[3, 1] = 1e-5
central = (
    bn_forward(x + step, gamma, beta)[0] - bn_forward(x - step, gamma, beta)[0]
) / 2e-5
verify(
    "one entry of the gradient by central differences",
    ours[0][3, 1],
    (grad * central).sum(),
    atol=1e-7,
)
verify_at_least(
    "statistics taken as constants: the gradient is wrong by",
    abs(r * gamma * grad - ours[0]).max(),
    0.01,
)

# %% [markdown]
r"""
By construction, the drift of a normalised pre-activation is gone. Here is one unit of the fourth layer of a five-layer network while the network trains, with and without.
"""


# %%
def batchnorm(Z, eps=1e-5):
    """Over the examples: axis 1 of (S, n, units)."""
    centred = Z - Z.mean(1, keepdim=True)
    return centred / (centred.pow(2).mean(1, keepdim=True) + eps).sqrt()


def deep_forward(weights, X, normal, activation=torch.sigmoid, watch=None):
    for l, W in enumerate(weights):
        X = X if X.dim() == 3 else X.expand(len(W), *X.shape)
        X = torch.baddbmm(W[:, -1:], X, W[:, :-1])
        if l + 1 < len(weights):
            X = batchnorm(X) if normal else X
            if watch is not None and l == 3:
                watch.append(
                    (X[0, :, 0].mean().item(), X[0, :, 0].std(correction=0).item())
                )
            X = activation(X)
    return X


drifts = {}
for normal in (False, True):
    W, seen = nets(1, (64, 32, 32, 32, 32, 10), 7), []
    train(
        W,
        lambda t: nll(deep_forward(W, Dx[:300], normal, torch.tanh, seen), Dy[:300]),
        60,
        lr=0.01,
    )
    drifts[normal] = np.array(seen)
verify_at_least(
    "without batch norm: one unit's mean drifts, standard deviation",
    drifts[False][:, 0].std(),
    0.1,
)
verify(
    "with batch norm: its mean in all 60 steps",
    drifts[True][:, 0],
    np.zeros(60),
    atol=1e-5,
)
verify(
    "with batch norm: its standard deviation in all steps",
    drifts[True][:, 1],
    np.ones(60),
    rtol=1e-3,
)
verify(
    "our layer for S networks, against nn.BatchNorm1d",
    batchnorm(torch.tensor(x)[None])[0],
    torch.nn.BatchNorm1d(5)(torch.tensor(x)),
    atol=1e-8,
)

# %% [markdown]
r"""
:::{admonition} Why batch norm helps is disputed
:class: correction
**The notes say** that batch normalisation speeds training up because it removes internal covariate shift.

**Right is:** that was the original hypothesis. Later experiments found no such link (adding drift after the normalisation did no harm) and explain the gain by a smoother loss {cite:p}`santurkar2018`. What is certain is the drift itself, above, and the invariances, next.
:::

(batchnorm-placement-and-bias)=
### What a normalised layer ignores

Usually the order is $\sigma(\mathrm{BN}(Wx))$, before the nonlinearity. A bias there is pointless: the mean takes it away, and $\beta$ does its work. Nor does the scale of $W$ matter, $\mathrm{BN}(cWx)=\mathrm{BN}(Wx)$ for $c>0$ up to $\epsilon$; differentiate this in $c$ at $c=1$ and find $\langle w,\partial\ell/\partial w\rangle=0$ for each unit. Steps at a right angle to $w$ can only lengthen it.
"""

# %%
torch.manual_seed(3)
inputs = torch.randn(32, 6)
linear = torch.nn.Linear(6, 4)
target = torch.randn(32, 4)
normal = lambda z: F.batch_norm(z, None, None, training=True, eps=1e-12)
verify(
    "a bias before batch norm changes nothing",
    normal(linear(inputs)),
    normal(inputs @ linear.weight.T),
    atol=1e-10,
)
verify(
    "nor does the scale of the weights",
    normal(7.0 * inputs @ linear.weight.T),
    normal(inputs @ linear.weight.T),
    atol=1e-8,
)
((normal(linear(inputs)) - target) ** 2).sum().backward()
verify("the gradient of that bias is zero", linear.bias.grad, np.zeros(4), atol=1e-10)
verify(
    "per unit, the gradient is orthogonal to the weights",
    (linear.weight * linear.weight.grad).sum(1),
    np.zeros(4),
    atol=1e-8,
)
verify_at_least("… though it is not zero", linear.weight.grad.norm(), 1.0)

# %% [markdown]
r"""
(batchnorm-couples-examples)=
### The others in the batch, and test time

In training mode, what comes out for one example depends on the company it is in. That noise is a regulariser; its variance falls like $1/m$.

(batchnorm-inference)=
At test time an example may come alone, so fixed statistics are used, gathered in training as running averages, $\text{running}\leftarrow0.9\,\text{running}+0.1\,\text{batch}$ (PyTorch takes the variance with $\frac1{m-1}$ here). `model.eval()` switches over; forget it, and a batch of two gives nonsense.
"""

# %%
layer, batch = torch.nn.BatchNorm1d(3), torch.randn(8, 3)
changed = batch.clone()
changed[0] += 5
verify_at_least(
    "training mode: change example 0, the others' outputs move by",
    (layer(batch) - layer(changed))[1:].abs().max(),
    0.1,
)
layer.eval()
verify(
    "evaluation mode: they do not move",
    (layer(batch) - layer(changed))[1:],
    np.zeros((7, 3)),
    atol=1e-15,
)

rng, batch_sizes = np.random.default_rng(17), np.array([8, 16, 32, 64, 128, 256])
fixed, jitter = 1.0, []
for m in batch_sizes:
    company = np.concatenate(
        [np.full((2000, 1), fixed), rng.normal(size=(2000, m - 1))], 1
    )
    jitter.append(((fixed - company.mean(1)) / company.std(1)).var())
verify(
    "output of a fixed example over random batches: variance ∝ m^slope",
    np.polyfit(np.log(batch_sizes), np.log(jitter), 1)[0],
    -1.0,
    atol=0.15,
)
verify("… at m = 256 it is (1 + x²/2)/m for x = 1", jitter[-1] * 256, 1.5, rtol=0.15)

# %%
layer, ours = torch.nn.BatchNorm1d(1), np.array([0.0, 1.0])  # running mean, variance
torch.manual_seed(4)
batches = 2 + 3 * torch.randn(500, 64, 1)
for batch in batches:
    layer(batch)
    ours = 0.9 * ours + 0.1 * np.array([batch.mean(), batch.var(correction=1)])
verify(
    "running averages by hand, against nn.BatchNorm1d",
    ours,
    [layer.running_mean.item(), layer.running_var.item()],
    rtol=1e-10,
)
verify("500 batches of N(2, 9): running mean and variance", ours, [2.0, 9.0], rtol=0.15)
layer.eval()
verify(
    "evaluation mode, one example alone",
    layer(torch.tensor([[5.0]]))[0],
    [(5 - ours[0]) / np.sqrt(ours[1] + 1e-5)],
    rtol=1e-9,
)
layer.train()
try:
    layer(torch.tensor([[5.0]]))
    complaint = "none"
except ValueError:
    complaint = "ValueError"
verify("training mode, one example alone: torch raises", complaint, "ValueError")

# %% [markdown]
r"""
(batchnorm-benefits)=
### What it buys

Ten sigmoid layers of 64 units, the kind of network that [could not be trained](#initialization-heuristics) for decades, since each layer shrinks the gradient. Four learning rates side by side, ten passes over the digits, with and without normalisation.
"""

# %%
rates = torch.tensor([0.03, 0.1, 0.3, 1.0]).float()
deep, progress = (64,) + (64,) * 9 + (10,), {}
for normal in (False, True):
    W, g, history = nets(len(rates), deep, 8), torch.Generator().manual_seed(9), []
    for epoch in range(10):
        total = 0
        for batch in torch.randperm(1400, generator=g).split(140):
            loss = nll(deep_forward(W, Dx[batch], normal), Dy[batch])
            grads = torch.autograd.grad(loss.sum(), W)
            with torch.no_grad():
                for w, gradient in zip(W, grads):
                    w -= rates[:, None, None] * gradient
            total = total + loss.detach() / 10
        history.append(total.numpy())
    with torch.no_grad():
        progress[normal] = np.array(history), accuracy(deep_forward(W, Tx, normal), Ty)

# %% mystnb={"image": {"alt": "Training loss against epoch for four learning rates: without batch norm all curves stay at log 10, with it those of the larger rates fall quickly."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1), sharey=True)
for ax, normal in zip(axes, (False, True)):
    for rate, curve in zip(rates.tolist(), progress[normal][0].T):
        ax.plot(range(1, 11), curve, label=rf"$\eta={rate:.2g}$")
    ax.set(xlabel="epoch", title="with batch norm" if normal else "without")
axes[0].set_ylabel("training loss")
axes[1].legend(fontsize=9)
plt.show()

# %%
verify_at_least(
    "ten sigmoid layers with batch norm: accuracy at the best rate",
    progress[True][1].max(),
    0.9,
)
verify_at_most(
    "… without it, at the best of the same rates", progress[False][1].max(), 0.3
)
verify(
    "without batch norm the loss stays at log 10",
    progress[False][0][-1, 0],
    np.log(10),
    rtol=0.02,
)

# %% [markdown]
r"""
(normalization-variants)=
### Other axes

Batch statistics are poor for small batches and follow the data they were gathered on. The relatives change one thing: the axes over which mean and variance are taken. For images of shape $(N,C,H,W)$:

| normalisation | mean and variance over | statistics per |
|---|---|---|
| batch | $N,H,W$ | channel |
| layer | $C,H,W$ | example |
| instance | $H,W$ | example and channel |
| group | $H,W$ and the channels of a group | example and group |

The last three never look at another example, so they do the same in training and at test time. One function covers all lines of the table.
"""


# %%
def norm(x, dims, eps=1e-5):
    """Mean 0 and variance 1 over the given axes."""
    mean = x.mean(dims, keepdim=True)
    variance = ((x - mean) ** 2).mean(dims, keepdim=True)
    return (x - mean) / (variance + eps).sqrt()


def group_norm(x, groups):
    N, C = x.shape[:2]
    return norm(x.reshape(N, groups, C // groups, *x.shape[2:]), (2, 3, 4)).reshape(
        x.shape
    )


torch.manual_seed(5)
x = 2 + 3 * torch.randn(4, 6, 5, 5) * torch.arange(1.0, 7.0)[:, None, None]
lines = {
    "batch": (norm(x, (0, 2, 3)), torch.nn.BatchNorm2d(6)(x)),
    "layer": (norm(x, (1, 2, 3)), F.layer_norm(x, x.shape[1:])),
    "instance": (norm(x, (2, 3)), F.instance_norm(x)),
    "group": (group_norm(x, 3), F.group_norm(x, 3)),
    "group with one group: layer": (group_norm(x, 1), norm(x, (1, 2, 3))),
    "group with a group per channel: instance": (group_norm(x, 6), norm(x, (2, 3))),
}
for name, (hand, library) in lines.items():
    verify(f"{name} norm by hand, against the table's line", hand, library, atol=1e-6)

# %% [markdown]
r"""
:::{admonition} Layer norm does not cross layers
:class: correction
**The notes say** that layer normalisation normalises across the layers.

**Right is:** it normalises across the features (channels and positions) of one example within one layer, as the second line of the table computes. Each example then has mean 0 and variance 1 by itself, whoever else is in the batch.
:::
"""

# %%
rng = np.random.default_rng(18)
for m in (2, 64):
    means = rng.normal(size=(4000, m)).mean(1)
    verify(
        f"batches of {m}: the batch mean misses the true one by 1/√m",
        means.std(),
        m**-0.5,
        rtol=0.05,
    )
alone, company = norm(x, (1, 2, 3))[:1], norm(x[:1], (1, 2, 3))
verify(
    "layer norm: mean over the features of each example",
    norm(x, (1, 2, 3)).flatten(1).mean(1),
    np.zeros(4),
    atol=1e-12,
)
verify("layer norm of an example alone and in company", alone, company, atol=1e-12)
# %% [markdown]
r"""
## How many parameters are too many?

(many-parameters-not-overfitting)=
For polynomials in the powers of $x$ the count decides: the higher the degree, the wilder the fit. For networks trained by gradient descent from small weights it does not: among the functions they could represent they find simple ones. Twenty noisy samples of a sine, ten draws:
"""

# %%
rng = np.random.default_rng(19)
x20 = rng.uniform(-1, 1, (10, 20))
y20, xs = np.sin(3 * x20) + 0.3 * rng.normal(size=(10, 20)), np.linspace(-1, 1, 201)
poly_error, net_error = {}, {}
for degree in (3, 10, 19):
    fits = [
        np.linalg.lstsq(powers(x, degree), y, rcond=None)[0] for x, y in zip(x20, y20)
    ]
    poly_error[degree] = np.median(
        [np.mean((powers(xs, degree) @ c - np.sin(3 * xs)) ** 2) for c in fits]
    )
for units in (3, 10, 1000):
    W = nets(10, (1, units, 1), units)
    sample = tuple(torch.tensor(a[..., None]).float() for a in (x20, y20))
    W = train(W, lambda t: errors(W, sample), 250, lr=0.01)
    out = forward(W, torch.tensor(xs[:, None]).float(), torch.tanh)[..., 0].numpy()
    net_error[units] = np.median(((out - np.sin(3 * xs)) ** 2).mean(1))
print("degree", {k: f"{v:.2g}" for k, v in poly_error.items()})
print("units ", {k: f"{v:.2g}" for k, v in net_error.items()})

# %%
verify_at_least(
    "20 points: test error of degree 19 over that of degree 3",
    poly_error[19] / poly_error[3],
    100.0,
)
verify_at_most(
    "20 points: largest over smallest test error of 3, 10 and 1000 units",
    max(net_error.values()) / min(net_error.values()),
    5.0,
)
verify_at_most(
    "20 points: test error of 1000 units over the noise variance",
    net_error[1000] / 0.3**2,
    1.5,
)

# %% [markdown]
r"""
(overfitting-is-local)=
Nor is overfitting a property of the model alone. Give degree 12 forty points on the left half and six on the right: the same fit is good here and absurd there, and more points *there* cure it.
"""


# %%
def by_half(extra, seed):
    """Error on the right half over error on the left half."""
    rng = np.random.default_rng(seed)
    x = np.r_[rng.uniform(0, 0.5, 40), rng.uniform(0.5, 1, 6 + extra)]
    c = np.linalg.lstsq(
        powers(x, 12), truth(x) + 0.1 * rng.normal(size=len(x)), rcond=None
    )[0]
    wrong = (powers(grid, 12) @ c - truth(grid)) ** 2
    return wrong[grid > 0.5].mean() / wrong[grid <= 0.5].mean()


verify_at_least(
    "6 points on the right, 40 on the left: error right over left",
    np.median([by_half(0, s) for s in range(50)]),
    10.0,
)
balanced = np.median([by_half(40, s) for s in range(50)])
verify_at_most("with 40 more on the right", balanced, 3.0)
verify_at_least("… and about as good as the left", balanced, 1 / 3)

# %% [markdown]
r"""
### Where the peak comes from

Take the simplest model with a width. Inputs $x\sim\mathcal N(0,I_D)$, targets $y=\beta^\top x+\text{noise}$ of variance $\sigma^2$, $n$ examples. We use only $p$ of the $D$ inputs, with $\beta_T$, and what the others contribute, $\beta_R$, is for us just more noise, of total variance $s^2=\sigma^2+\|\beta_R\|^2$. We fit by least squares, and when there are many solutions we take [the shortest](#eq-rg-implicit), as gradient descent from zero would.

**Fewer parameters than examples.** The error of the estimate is $\hat\theta-\beta_T=(X^\top X)^{-1}X^\top e$, and a new prediction adds its own $s^2$:

$$
\mathbb E R=s^2+s^2\,\mathbb E\operatorname{tr}(X^\top X)^{-1}=s^2\Bigl(1+\frac p{n-p-1}\Bigr),
$$

because the inverse of a Gaussian $X^\top X$ has the mean $I/(n-p-1)$.

**More.** Now $\hat\theta=X^+y$, and with the projection $P=X^+X$ on the row space $\hat\theta-\beta_T=-(I-P)\beta_T+X^+e$. The two parts are orthogonal. The row space is an $n$-dimensional subspace in random position, so a share $1-\frac np$ of $\|\beta_T\|^2$ is lost. The noise part is $s^2\,\mathbb E\operatorname{tr}(XX^\top)^{-1}$, the same trace with $n$ and $p$ exchanged.

:::{prf:theorem} Risk of the shortest least-squares fit
:label: thm-rg-risk
In this model, exactly and for every $n$ {cite:p}`belkin2020`,

$$
\mathbb E R=
\begin{cases}
s^2\Bigl(1+\dfrac p{n-p-1}\Bigr)&p\le n-2,\\[2ex]
\|\beta_T\|^2\Bigl(1-\dfrac np\Bigr)+s^2\Bigl(1+\dfrac n{p-n-1}\Bigr)&p\ge n+2 .
\end{cases}
$$ (eq-rg-risk)
:::

Both noise terms explode at $p=n$. There the fit has just enough parameters to hit every point, hence no choice, however long the coefficients must be. Beyond, the noise is spread over ever more coefficients, and its share in a prediction *falls*.
"""

# %%
n, D, sigma = 40, 200, 0.3
beta = np.ones(D) / np.sqrt(D)


def exact_risk(p, n=n, sigma=sigma):
    signal = p / D  # ‖β_T‖²
    s2 = sigma**2 + 1 - signal
    if p <= n - 2:
        return s2 * (1 + p / (n - p - 1))
    return signal * (1 - n / p) + s2 * (1 + n / (p - n - 1))


def sampled_risk(p, rng):
    X = rng.normal(size=(n, D))
    y = X @ beta + sigma * rng.normal(size=n)
    theta = np.zeros(D)
    theta[:p] = smallest_fit(X[:, :p], y)
    return ((theta - beta) ** 2).sum() + sigma**2  # expected over new inputs


rng = np.random.default_rng(20)
for p in (5, 15, 25, 60, 100, 200):
    verify_within_se(
        f"40 examples, {p} of 200 inputs: mean risk of 300 fits, exact theory",
        np.array([sampled_risk(p, rng) for _ in range(300)]),
        exact_risk(p),
    )
verify_at_most(
    "all 200 inputs: risk over that of the best fit with fewer than 40",
    exact_risk(200) / min(exact_risk(p) for p in range(39)),
    0.9,
)

# %% [markdown]
r"""
(headline-double-descent)=
## Double descent

(capacity-u-curve)=
Call *capacity* the richness of the set of functions a model can represent, here its width $P$, the number of random features $\max(0,w_j^\top x)$. The classical picture: with capacity the training risk falls to zero, the test risk falls and rises again, a U with a sweet spot in between. (Early stopping moves training time, not this choice.)

(double-descent)=
The modern picture goes on to the right. At the *interpolation threshold*, the smallest capacity with zero training error, here $P=n$, the test error peaks; beyond it *falls again*, possibly below the bottom of the U {cite:p}`belkin2019`.

Is there a theory for random ReLU features? The features are not independent; given the $w_j$ they have a covariance $\Sigma$, which for Gaussian inputs and $\|w_j\|=1$ is known in closed form: if $\alpha$ is the angle between $w_j$ and $w_k$,

$$
\Sigma_{jk}=\frac1{2\pi}\bigl(\sin\alpha+(\pi-\alpha)\cos\alpha\bigr)-\frac1{2\pi},
\qquad\operatorname{Cov}(\phi_j,\beta^\top x)=\tfrac12w_j^\top\beta .
$$ (eq-rg-arccos)

So the risk of any coefficients is a formula, and no test sample is needed. For features with covariance $\Sigma=\sum_i\lambda_iv_iv_i^\top$ [the theorem](#eq-rg-risk) generalises {cite:p}`hastie2022`. Let $\theta^*=\Sigma^{-1}\operatorname{Cov}(\phi,y)$ be the best coefficients and $s^2$ their risk. Below the threshold the first line stays. Above, the features that are too many act as a ridge term: there is a $\kappa$, fixed by asking that the $n$ measurements be used up,

$$
\sum_i\frac{\lambda_i}{\lambda_i+\kappa}=n,\qquad
R\approx\frac{\kappa^2\sum_i\dfrac{\lambda_i(v_i^\top\theta^*)^2}{(\lambda_i+\kappa)^2}+s^2}
{1-\dfrac1n\sum_i\dfrac{\lambda_i^2}{(\lambda_i+\kappa)^2}} .
$$ (eq-rg-kappa)

Compare the left side with [the degrees of freedom](#eq-rg-dof): an interpolating fit without any penalty behaves like ridge with $\lambda=n\kappa$. For $\lambda_i=1$ we get $\kappa=\frac pn-1$ and back [the second line](#eq-rg-risk), up to $O(1/n)$.
"""


# %%
def relu_covariance(W):
    alpha = np.arccos(np.clip(W @ W.T, -1, 1))
    return (np.sin(alpha) + (np.pi - alpha) * np.cos(alpha)) / (2 * np.pi) - 1 / (
        2 * np.pi
    )


def directions(P, rng, d=20):
    W = rng.normal(size=(P, d))
    return W / np.linalg.norm(W, axis=1, keepdims=True)


def centred(X, W):
    return relu_features(X, W) - 1 / np.sqrt(2 * np.pi)  # the mean of a feature


rng = np.random.default_rng(22)
W3, X_many = directions(3, rng), rng.normal(size=(200_000, 20))
Phi, target = centred(X_many, W3), X_many[:, 0]
for j, k in ((0, 0), (0, 1), (1, 2)):
    verify(
        f"covariance of ReLU features {j} and {k}, 200 000 inputs",
        np.mean(Phi[:, j] * Phi[:, k]),
        relu_covariance(W3)[j, k],
        atol=4e-3,
    )
verify(
    "covariance of feature 0 with the target",
    np.mean(Phi[:, 0] * target),
    0.5 * W3[0, 0],
    atol=8e-3,
)
verify("mean of the features", Phi.mean(0), np.zeros(3), atol=6e-3)

# %%
n, noise = 100, 0.5
widths = [5, 10, 20, 30, 50, 70, 85, 95, 100, 105, 115, 130, 200, 400, 800]
ridges = 10.0 ** np.arange(-1, 3)


def experiment(P, rng, noise=noise):
    """Test risk, training error, norm; test risk with each ridge; the features' W."""
    W, X = directions(P, rng), rng.normal(size=(n, 20))
    y = X[:, 0] + noise * rng.normal(size=n)  # β is the first axis
    Phi, Sigma, c = centred(X, W), relu_covariance(W), 0.5 * W[:, 0]
    risk = lambda t: 1 + noise**2 - 2 * c @ t + t @ Sigma @ t
    theta = smallest_fit(Phi, y)
    U, s, Vt = np.linalg.svd(Phi, full_matrices=False)
    ridged = [risk(Vt.T @ (s / (s**2 + l) * (U.T @ y))) for l in ridges]
    return (
        risk(theta),
        np.mean((Phi @ theta - y) ** 2),
        np.linalg.norm(theta),
        ridged,
        W,
    )


def theory(W, noise=noise):
    lam, V = np.linalg.eigh(relu_covariance(W))
    best = V.T @ (0.5 * W[:, 0]) / lam
    s2 = 1 + noise**2 - np.sum(lam * best**2)
    if len(W) < n:
        return s2 * (1 + len(W) / (n - len(W) - 1))
    kappa = optimize.brentq(lambda k: np.sum(lam / (lam + k)) - n, 0, 1e3)
    share = lam / (lam + kappa)
    bias = kappa**2 * np.sum(lam * best**2 / (lam + kappa) ** 2)
    return (bias + s2) / (1 - np.sum(share**2) / n)


# %%
rng, table = np.random.default_rng(23), {}
for P in widths:
    rows = [experiment(P, rng) for _ in range(40)]
    expected = (
        [theory(row[4]) for row in rows[: 40 if P < 200 else 2]] if P != n else [1e3]
    )
    table[P] = (
        [np.array([row[k] for row in rows]) for k in range(4)],
        np.mean(expected),
    )
mean_risk = np.array([table[P][0][0].mean() for P in widths])
curve = np.array([table[P][1] for P in widths])
median_risk = np.array([np.median(table[P][0][0]) for P in widths])
train_risk = np.array([table[P][0][1].mean() for P in widths])
norms = np.array([np.median(table[P][0][2]) for P in widths])
ridge_risk = np.array([table[P][0][3].mean(0).min() for P in widths])

# %% mystnb={"image": {"alt": "Test risk against the number of features, both axes logarithmic: a shallow U below 100 features, a sharp peak at 100, then a second descent below the U; dots of the measurement lie on the theoretical curve. Training risk falls to zero at 100; with tuned ridge there is no peak."}} tags=["hide-input"]
fine = np.unique(
    np.r_[
        np.arange(4, 96, 4),
        np.arange(96, 98),
        np.arange(103, 140, 4),
        np.geomspace(140, 800, 8).astype(int),
    ]
)
drawn_rng = np.random.default_rng(24)
smooth = np.array(
    [
        np.mean([theory(directions(P, drawn_rng)) for _ in range(12 if P < 140 else 1)])
        for P in fine
    ]
)
fig, ax = plt.subplots(figsize=(6.8, 3.6))
for side in (fine < n, fine > n):
    ax.plot(
        fine[side],
        smooth[side],
        color=plot.GREY,
        lw=1.5,
        label="theory" if side[0] else None,
    )
ax.plot(widths, median_risk, "o", ms=5, color=plot.RED, label="test risk, median")
ax.plot(
    widths,
    np.maximum(train_risk, 1e-3),
    ".--",
    lw=1,
    color=plot.BLUE,
    label="training risk",
)
ax.plot(widths, ridge_risk, ".-", lw=1, color=plot.GREEN, label="test, tuned ridge")
ax.axvline(n, color=plot.GREY, ls=":", lw=1)
ax.set(
    xscale="log",
    yscale="log",
    ylim=(0.02, 200),
    xlabel="random features $P$",
    ylabel="risk",
)
ax.legend(fontsize=9, ncols=2)
plt.show()

# %%
away = np.array([abs(P - n) >= 30 for P in widths])
headline(
    "Double descent of random ReLU features: mean test risk over 40 runs at ten widths, against theory",
    mean_risk[away],
    curve[away],
    rtol=0.12,
)
first, second = np.array(widths) < n, np.array(widths) > n
verify_at_most(
    "the peak: steps of the grid between it and P = n",
    abs(int(median_risk.argmax()) - widths.index(n)),
    1,
)
best = int(np.argmin(np.where(first, mean_risk, np.inf)))
verify("the bottom of the classical U lies at", widths[best], 30, atol=20)
verify_at_most(
    "second descent: risk at P = 800 over the bottom of the classical U",
    mean_risk[-1] / mean_risk[best],
    0.75,
)
difference = table[widths[best]][0][0] - table[800][0][0]
verify_at_least(
    "… their difference in standard errors",
    difference.mean() / (difference.std(ddof=1) / np.sqrt(40)),
    5.0,
)

# %%
verify(
    "P ≥ n: the training error is zero",
    train_risk[widths.index(105) :],
    np.zeros(second.sum()),
    atol=1e-15,
)
verify_at_most(
    "P < n: training error at a width over that at the one before",
    (train_risk[1:8] / train_risk[:7]).max(),
    0.999,
)
verify_at_most(
    "P ≥ n: norm of the solution over that at the width before",
    (norms[9:] / norms[8:-1]).max(),
    0.999,
)
verify_at_most(
    "tuned ridge: risk at the threshold over that at P = 70",
    ridge_risk[widths.index(100)] / ridge_risk[widths.index(70)],
    1.05,
)
verify_at_most(
    "tuned ridge never does worse than no ridge",
    ridge_risk / mean_risk,
    np.ones(len(widths)),
    atol=0.02,
)
ones = np.ones(300)  # isotropic features: κ = p/n − 1
verify(
    "isotropic features: the general formula gives the second line, up to 1/n",
    np.sum(ones / (1 + 300 / n - 1)),
    float(n),
    rtol=1e-12,
)

# %% [markdown]
r"""
The measurement lies on the curve; the peak stands at the threshold; the second descent ends well below the U. A tuned ridge term removes the peak altogether: it was variance. Now see it happen to a curve. Fifteen points of a sine, random features $\cos(\omega x+b)$; slide $P$ through 15.
"""

# %% tags=["hide-input"]
draws = np.random.default_rng(8)
x15, e15 = np.sort(draws.uniform(-1, 1, 15)), draws.normal(size=15)
omega, shift = 5 * draws.standard_cauchy(2000), draws.uniform(0, 2 * np.pi, 2000)


def wavy(x, P):
    return np.cos(omega[:P] * x[:, None] + shift[:P]) * np.sqrt(2 / P)


def width_picture(P, noise):
    fig, ax = plt.subplots(figsize=(6.8, 3.3))
    y15, line = np.sin(4 * x15) + noise * e15, np.linspace(-1, 1, 400)
    theta = np.linalg.pinv(wavy(x15, P), rcond=1e-10) @ y15
    ax.plot(line, np.sin(4 * line), ":", color=plot.GREY)
    ax.plot(line, wavy(line, P) @ theta, color=plot.RED, lw=1.4)
    ax.plot(x15, y15, "k.", ms=7)
    ax.set(
        ylim=(-2.4, 2.4),
        xlabel="$x$",
        title=f"P = {P}, ‖θ‖ = {np.linalg.norm(theta):.3g}",
    )
    return fig


explore(
    width_picture,
    alt="Fifteen points of a noisy sine and the shortest fit with P random waves: coarse for small P, wild near 15, calm and through all points for 2000",
    P=[7, 4, 10, 15, 18, 40, 2000],
    noise=[0.3, 0.0],
)

# %%
lengths = {
    P: np.linalg.norm(
        np.linalg.pinv(wavy(x15, P), rcond=1e-10) @ (np.sin(4 * x15) + 0.3 * e15)
    )
    for P in (15, 40, 2000)
}
verify_at_least(
    "one-dimensional fits: ‖θ‖ with 15 features over that with 2000",
    lengths[15] / lengths[2000],
    10.0,
)

# %% [markdown]
r"""
:::{admonition} Containing the truth does not select it
:class: correction
**The notes say** that the second descent comes because the class of functions becomes so large that it contains the correct one.

**Right is:** a larger class also contains more bad interpolators, and containing a good function does not select it. What matters is the choice among them: the [shortest](#eq-rg-implicit) solution, which is what gradient descent from zero finds. Take a random other interpolator of the same class, and there is no second descent.
:::
"""

# %%
rng, ratio = np.random.default_rng(25), []
for _ in range(20):
    W, X = directions(400, rng), rng.normal(size=(n, 20))
    y, Sigma, c = (
        X[:, 0] + noise * rng.normal(size=n),
        relu_covariance(W),
        0.5 * W[:, 0],
    )
    short = smallest_fit(centred(X, W), y)
    hidden = linalg.null_space(centred(X, W))
    other = short + hidden @ rng.normal(size=hidden.shape[1])  # fits as exactly
    ratio.append([1 + noise**2 - 2 * c @ t + t @ Sigma @ t for t in (short, other)])
verify("the other interpolator fits exactly too", centred(X, W) @ other, y, atol=1e-9)
verify_at_least(
    "its risk over that of the shortest one, least of 20 runs",
    min(b / a for a, b in ratio),
    3.0,
)

# %% [markdown]
r"""
(epoch-wise-double-descent)=
### The same along the time axis

Training time is a capacity too, so the test error can [descend twice as a function of time](#eq-rg-filters). For a linear model the reason can be computed. Each eigen-direction has its own clock, $1/\eta\lambda_i$, and on it its own U: first the bias $\lambda_i\theta_i^2$ fades, then the variance $\lambda_iv_i$ of the least-squares estimate comes in,

$$
R(t)=\sum_i\lambda_i\Bigl[(1-\eta\lambda_i)^{2t}\theta_i^2+\bigl(1-(1-\eta\lambda_i)^t\bigr)^2v_i\Bigr].
$$ (eq-rg-epochs)

If the clocks differ by a thousand, the first U is over before the second has begun: down, up, and down again.
"""

# %%
modes = np.array([[1.0, 1.0, 0.6], [0.001, 1200.0, 100.0]])  # λ, θ², v
t = np.arange(100_000)


def two_modes(t, eta=0.05):
    left = (1 - eta * modes[:, :1]) ** t
    return (
        modes[:, :1] * (left**2 * modes[:, 1:2] + (1 - left) ** 2 * modes[:, 2:])
    ).sum(0)


R = two_modes(t)
turns = np.flatnonzero(np.diff(np.sign(np.diff(R)))) + 1
verify("two modes: the test risk turns three times, at steps", turns, [19, 122, 51298])
verify("… where it is", R[turns], [1.573, 1.783, 0.692], atol=1e-3)
rng = np.random.default_rng(26)
estimate = np.sqrt(modes[:, 1]) + np.sqrt(modes[:, 2]) * rng.normal(size=(4000, 2))
path_t = (1 - (1 - 0.05 * modes[:, 0]) ** 122) * estimate  # descent from 0 on each mode
verify_within_se(
    "risk at the peak, from 4000 noisy estimates",
    (modes[:, 0] * (path_t - np.sqrt(modes[:, 1])) ** 2).sum(1),
    R[122],
)

# %% [markdown]
r"""
And in a simulation: sixty examples, forty strong features and ten weak ones that carry much of the signal. While the strong ones are being fitted, they also fit what the weak ones should explain.
"""

# %%
scales = np.r_[np.ones(40), 0.05 * np.ones(10)]
theta_true = np.r_[np.full(40, 0.3), np.full(10, 8.0)]
times = np.unique(np.geomspace(1, 3e6, 120).astype(int))


def epochs(seed, eta=0.2):
    """Expected test risk and training error of gradient descent from 0 at the times."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 50)) * scales
    y = X @ theta_true + 0.2 * rng.normal(size=60)
    lam, Q = np.linalg.eigh(X.T @ X / 60)
    best = Q.T @ np.linalg.solve(X.T @ X, X.T @ y)
    ways = ((1 - (1 - eta * lam) ** times[:, None]) * best) @ Q.T
    test = ((ways - theta_true) ** 2 * scales**2).sum(1) + 0.2**2
    return test, ((ways @ X.T - y) ** 2).mean(1), X, y, ways


all_runs = [epochs(seed) for seed in range(5)]
twice = []
for test, training, *_ in all_runs:
    top = int(np.argmax(np.where((times > 20) & (times < 5000), test, 0)))
    dip = test[:top].min()
    twice.append([test[0] / dip, test[top] / dip, dip / test[top:].min()])
verify_at_least(
    "real descent, five runs: start over first dip, hump over first dip, "
    "first dip over second",
    np.min(twice, axis=0),
    np.array([1.2, 1.1, 3.0]),
)
verify_at_most(
    "… largest change of the training error between two looks",
    max(np.diff(run[1]).max() for run in all_runs),
    0.0,
    atol=1e-12,
)
test, training, X, y, ways = all_runs[0]
k = int(np.searchsorted(times, 50))
verify(
    "closed form of the walk, against running gradient descent",
    descend(X, y, np.zeros(50), int(times[k]), 0.2 / 60),
    ways[k],
    atol=1e-10,
)

# %% mystnb={"image": {"alt": "Test risk against training steps on a logarithmic axis for five runs: down, up to a hump near a hundred steps, and down again to a much lower level, while the training error falls throughout."}} tags=["hide-input"]
for number, run in enumerate(all_runs):
    plt.loglog(
        times, run[0], color=plot.RED, lw=1.2, label=None if number else "test risk"
    )
    plt.loglog(
        times,
        run[1],
        color=plot.BLUE,
        lw=0.8,
        label=None if number else "training error",
    )
plt.xlabel("steps of gradient descent")
plt.ylabel("mean squared error")
plt.legend()
plt.show()
# %% [markdown]
r"""
(rg-practice)=
## In practice

(regularization-catalogue)=
Everything at once, on one problem: two hundred digits, a fifth of the labels drawn by lot, the network 64-64-10 trained for a hundred steps, and one technique at a time. Three lines need a word. *Parameter sharing* replaces the first layer by eight $3\times3$ filters used at all 36 places. *Semi-supervised* lets labels spread over 800 unlabelled images first. *Multi-task* asks the same hidden layer also for the height of the ink's centre, which costs no labels.
"""

# %%
X200, L200 = Dx[:200], Ly[:200]
finals = {}
for name in (
    "none",
    "weight decay",
    "augmentation",
    "input noise",
    "label smoothing",
    "early stopping",
    "dropout",
):
    W = learn(name, X200, L200, S=5, steps=100, hold=(Dx[200:400], Dy[200:400]))
    finals[name] = accuracy(forward(W, Tx), Ty)
crowd = learn("none", X200, L200, S=25, steps=100, seed=1)
p = forward(crowd, Tx).softmax(-1).view(5, 5, len(Tx), 10).mean(1)
finals["ensemble of 5"] = accuracy(p, Ty)
hidden = np.r_[L200.numpy(), np.full(800, -1)]
spread_to = semi_supervised.LabelSpreading(
    kernel="knn", n_neighbors=7, alpha=0.8, max_iter=300
)
guess = torch.tensor(spread_to.fit(digits.X_train[:1000], hidden).transduction_)
W = learn("none", Dx[:1000], guess, S=5, steps=60)
finals["semi-supervised"] = accuracy(forward(W, Tx), Ty)


# %%
def patches(X):
    """Images (n, 64) as windows of 3 × 3 pixels, (n, 36, 9)."""
    return F.unfold(X.view(-1, 1, 8, 8), 3).transpose(1, 2)


def convolved(weights, windows):
    S, n = len(weights[0]), len(windows)
    hidden = forward(weights[:1], windows.reshape(-1, 9)).relu()  # (S, n · 36, 8)
    return forward(weights[1:], hidden.view(S, n, 36 * 8))


W = nets(5, (9, 8), 2) + nets(5, (288, 10), 3)
windows = patches(X200)
W = train(W, lambda t: nll(convolved(W, windows), L200), 100)
finals["parameter sharing"] = accuracy(convolved(W, patches(Tx)), Ty)

rows = torch.arange(64).div(8, rounding_mode="floor").float()
height = (X200 * rows).sum(1) / X200.sum(1) - 3.5  # where the ink is
W = nets(5, (64, 64, 11), 0)
W = train(
    W,
    lambda t: (
        nll((out := forward(W, X200))[..., :10], L200)
        + ((out[..., 10] - height) ** 2).mean(1)
    ),
    100,
)
finals["multi-task"] = accuracy(forward(W, Tx)[..., :10], Ty)

# %%
kernel = torch.nn.Conv2d(1, 8, 3)
with torch.no_grad():
    kernel.weight.copy_(torch.randn(8, 1, 3, 3))
    kernel.float()
    by_windows = patches(X200) @ kernel.weight.view(8, 9).T + kernel.bias
    verify(
        "shared filters on windows, against torch's convolution",
        by_windows.transpose(1, 2).reshape(200, 8, 6, 6),
        kernel(X200.view(-1, 1, 8, 8)),
        atol=1e-5,
    )
by_loop = [
    sum((i // 8) * v for i, v in enumerate(image)) / sum(image) - 3.5
    for image in X200[:5].tolist()
]
verify(
    "height of the ink's centre, by a loop", height[:5], np.array(by_loop), atol=1e-5
)
for name, acc in finals.items():
    print(f"{name:18s} {acc.mean():.2f} ± {acc.std() / 5**0.5:.2f}")
for name in ("augmentation", "ensemble of 5", "dropout", "early stopping"):
    gain = finals[name].mean() - finals["none"].mean()
    se = ((finals[name].var() + finals["none"].var()) / 5) ** 0.5
    verify_at_least(
        f"200 noisy digits, {name}: accuracy gained, in standard errors", gain / se, 2.0
    )

# %% [markdown]
r"""
At work all this is a few arguments: `weight_decay` of the optimiser, `Dropout` and `BatchNorm1d` as layers, `patience` of [the book's loop](#gd-practice). The loop calls `train()` before training and `eval()` before validating.
"""

# %%
torch.manual_seed(6)
model = torch.nn.Sequential(
    torch.nn.Dropout(0.2),
    torch.nn.Linear(64, 64),
    torch.nn.BatchNorm1d(64),
    torch.nn.ReLU(),
    torch.nn.Dropout(0.5),
    torch.nn.Linear(64, 10),
).float()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
history = fit(
    model,
    F.cross_entropy,
    X200,
    L200,
    optimizer=optimizer,
    epochs=40,
    batch_size=50,
    validation=(Dx[200:400], Dy[200:400]),
    patience=8,
)
model.eval()
with torch.no_grad():
    verify(
        "the loop put the best parameters back",
        F.cross_entropy(model(Dx[200:400]), Dy[200:400]).item(),
        min(history.validation),
        rtol=1e-5,
    )
    together = (model(Tx).argmax(1) == Ty).double().mean()
verify_at_least(
    "dropout, batch norm, decay and stopping: accuracy gained over none",
    together - finals["none"].mean(),
    0.05,
)

# %% [markdown]
r"""
## Beware

**Forgetting `eval()`.** Dropout then still drops and batch norm still looks at the batch. With two images in a batch the same trained network is far worse.
"""

# %%
model.train()
with torch.no_grad():
    careless = np.mean(
        [
            (model(Tx[i : i + 2]).argmax(1) == Ty[i : i + 2]).double().mean()
            for i in range(0, 396, 2)
        ]
    )
verify_at_least(
    "pairs of images in training mode: accuracy lost", together - careless, 0.2
)

# %% [markdown]
r"""
**Penalising before standardising.** A ridge term on inputs in millimetres is a million times weaker than on inputs in metres: the coefficient of the same quantity is a thousand times smaller.

**Dropout then batch norm.** In training, inverted dropout leaves the mean alone but raises the second moment by $\frac1\pi$. A batch norm behind it learns that variance, and at test time meets another.
"""

# %%
rng = np.random.default_rng(27)
h = rng.normal(1, 1, 200_000)
kept = h * (rng.uniform(size=h.size) < 0.5) / 0.5
verify(
    "inverted dropout, π = ½: mean in training over mean at test",
    kept.mean() / h.mean(),
    1.0,
    rtol=0.02,
)
verify(
    "… second moment in training over that at test: 1/π",
    np.mean(kept**2) / np.mean(h**2),
    2.0,
    rtol=0.02,
)
metres = rng.normal(size=(200, 1))
y = metres[:, 0] + 0.1 * rng.normal(size=200)
shares = [
    linear_model.Ridge(alpha=200, fit_intercept=False).fit(metres * unit, y).coef_[0]
    * unit
    for unit in (1, 1000)
]
energy = (metres**2).sum()
verify(
    "the same ridge term in metres and millimetres: share of the weight left",
    np.array(shares) / (metres[:, 0] @ y / energy),
    [energy / (energy + 200), 1e6 * energy / (1e6 * energy + 200)],
    rtol=1e-9,
)

# %% [markdown]
r"""
**Choosing on the test set.** Stopping time, $\lambda$, the mask rate: each choice made by looking at a set makes its error optimistic. [Keep a third set](#train-dev-test-split).

## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""


# %% tags=["remove-cell"] jupyter={"source_hidden": true}
@exercise.define("rg-keep-ninety")
def _(answer):
    H = np.diag([2.0, 7.0])
    left = np.linalg.solve(H + answer * np.eye(2), H @ [1.0, 1.0])[0]
    assert abs(left - 0.9) < 1e-9, f"of the direction with curvature 2 stays {left:.3f}"


@exercise.define("rg-elastic")
def _(answer):
    for v, a, b in ((1.5, 0.4, 0.5), (-2.0, 0.3, 1.0), (0.2, 0.5, 0.1)):
        w = np.linspace(-3, 3, 600_001)
        best = w[(0.5 * (w - v) ** 2 + a * abs(w) + 0.5 * b * w**2).argmin()]
        assert abs(answer(v, a, b) - best) < 2e-5, (
            f"at v = {v}, a = {a}, b = {b} a search finds {best:.4f}"
        )


@exercise.define("rg-stop-time")
def _(answer):
    for s, eta, lam in ((0.5, 0.1, 0.2), (2.0, 0.05, 1.0), (0.01, 0.3, 0.4)):
        t = answer(s, eta, lam)
        assert abs(1 - (1 - eta * s) ** t - s / (s + lam)) < 1e-9, (
            f"after your {t:.3g} steps the two filters differ"
        )


@exercise.define("rg-half-dof")
def _(answer):
    s = np.array([9.0, 5.0, 2.0, 1.0, 0.5, 0.1])
    X = np.diag(s)
    hat = X @ np.linalg.solve(X.T @ X + answer * np.eye(6), X.T)
    assert abs(np.trace(hat) - 3) < 1e-6, (
        f"your λ leaves {np.trace(hat):.3f} degrees of freedom"
    )


@exercise.define("rg-masks")
def _(answer):
    rng = np.random.default_rng(1)
    for pi in (0.5, 0.8):
        h, v = rng.normal(size=(2, 6))
        m = rng.uniform(size=(200_000, 6)) < pi
        samples = np.maximum((m * h) @ v, 0)
        assert abs(answer(h, v, pi) - samples.mean()) < 5 * samples.std() / 447, (
            f"200 000 sampled masks at π = {pi} give {samples.mean():.3f}"
        )


@exercise.define("rg-committee")
def _(answer):
    v, rho = 2.0, 0.3
    error = lambda M: (
        np.ones(M) @ (v * ((1 - rho) * np.eye(M) + rho)) @ np.ones(M) / M**2
    )
    assert answer == int(answer) and answer > 0, "a whole number"
    assert error(int(answer)) <= 1.1 * rho * v, "that is not enough"
    assert error(int(answer) - 1) > 1.1 * rho * v, "fewer would do"


@exercise.define("rg-layer-norm")
def _(answer):
    torch.manual_seed(0)
    x = torch.randn(4, 7, requires_grad=True)
    grad = torch.randn(4, 7)
    (theirs,) = torch.autograd.grad(F.layer_norm(x, (7,)), x, grad)
    ours = answer(x.detach().numpy(), grad.numpy())
    assert np.shape(ours) == (4, 7), "the gradient has the shape of x"
    assert np.allclose(ours, theirs, atol=1e-8), "autograd finds another gradient"


@exercise.define("rg-back-in")
def _(answer):
    risk = lambda p: exact_risk(p, n=50, sigma=0.2)
    best = min(risk(p) for p in range(49))
    assert answer == int(answer) and 52 <= answer <= 200, "a whole number, 52 to 200"
    assert risk(int(answer)) < best, "there the classical minimum is still better"
    assert risk(int(answer) - 1) >= best, "it has happened earlier"


@exercise.define("rg-limit-point")
def _(answer):
    rng = np.random.default_rng(2)
    X, y, start = rng.normal(size=(4, 9)), rng.normal(size=4), rng.normal(size=9)
    walked = start
    for _ in range(4000):
        walked = walked - X.T @ (X @ walked - y) / np.linalg.norm(X, 2) ** 2
    assert np.allclose(answer(X, y, start), walked, atol=1e-8), (
        "gradient descent, run for 4000 steps, ends elsewhere"
    )


# %% [markdown]
r"""
:::{exercise} Keep ninety per cent
:label: ex-rg-keep-ninety
A direction has curvature 2. Which $\mu$ leaves 90 % of the minimiser's component along it?
:::
"""

# %%
keep_ninety = ...  # a number

exercise("rg-keep-ninety").check(keep_ninety)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac2{2+\mu}=0.9$.

```python
keep_ninety = 2 / 9
```

</details>

:::{exercise} Elastic net
:label: ex-rg-elastic
Find the minimiser of $\frac12(w-v)^2+a\lvert w\rvert+\frac b2w^2$.
:::
"""

# %%
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

:::{exercise} The exact time
:label: ex-rg-stop-time
For one direction of curvature $s$, after how many steps $t$ (not necessarily whole) does stopped descent equal ridge with $\lambda$ exactly?
:::
"""

# %%
stop_time = ...  # a function of s, eta, lam

exercise("rg-stop-time").check(stop_time)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$(1-\eta s)^t=1-\frac s{s+\lambda}=\frac\lambda{s+\lambda}$. It depends on $s$: no single $t$ serves all directions.

```python
stop_time = lambda s, eta, lam: np.log(lam / (s + lam)) / np.log(1 - eta * s)
```

</details>

:::{exercise} Half of the parameters
:label: ex-rg-half-dof
The singular values of $X$ are $9,5,2,1,0.5,0.1$. Which $\lambda$ leaves three effective degrees of freedom?
:::
"""

# %%
half_dof = ...  # a number

exercise("rg-half-dof").check(half_dof)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Solve $\sum_is_i^2/(s_i^2+\lambda)=3$; the left side falls, so one root finder does it.

```python
squares = np.array([9, 5, 2, 1, 0.5, 0.1])**2
half_dof = optimize.brentq(lambda l: np.sum(squares / (squares + l)) - 3, 1e-6, 1e6)
```

</details>

:::{exercise} All masks
:label: ex-rg-masks
Compute the exact mean of $\max(0,v^\top(m\odot h))$ over all masks with keep probability $\pi$, without sampling.
:::
"""

# %%
all_masks = ...  # a function of h, v, pi

exercise("rg-masks").check(all_masks)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
def all_masks(h, v, pi):
    m = np.array(list(itertools.product([0, 1], repeat=len(h))))
    chance = pi**m.sum(1) * (1 - pi)**(len(h) - m.sum(1))
    return chance @ np.maximum((m * h) @ v, 0)
```

</details>

:::{exercise} A committee
:label: ex-rg-committee
Errors have correlation $0.3$. How many members bring the variance within 10 % of its limit?
:::
"""

# %%
committee = ...  # a whole number

exercise("rg-committee").check(committee)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac{1-\rho}M\le0.1\rho$ gives $M\ge\frac{0.7}{0.03}=23.3$.

```python
committee = 24
```

</details>

:::{exercise} Layer norm backwards
:label: ex-rg-layer-norm
Write the gradient of layer norm (no $\gamma$, $\beta$; $\epsilon=10^{-5}$) with respect to $x$ of shape $(n,d)$, given the gradient of its output.
:::
"""

# %%
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

:::{exercise} Back in the black
:label: ex-rg-back-in
In [the exact model](#eq-rg-risk) with $n=50$, $D=200$, $\|\beta\|=1$ spread evenly and $\sigma=0.2$: from which $p>n$ on is the risk below that of every $p\le48$?
:::
"""

# %%
back_in = ...  # a whole number

exercise("rg-back-in").check(back_in)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
classical = min(exact_risk(p, n=50, sigma=0.2) for p in range(49))
back_in = next(p for p in range(52, 201) if exact_risk(p, n=50, sigma=0.2) < classical)
```

</details>

:::{exercise} Project: the limit without walking
:label: ex-rg-limit-point
Write the limit of gradient descent on $\|X\theta-y\|^2$ from any start, without iterating. Then add a small ridge term to the loss, and find out what becomes of the free part of the start, and how fast.
:::
"""

# %%
limit_point = ...  # a function of X, y, start

exercise("rg-limit-point").check(limit_point)

# %% [markdown]
r"""
<details><summary>Solution</summary>

[The theorem](#eq-rg-implicit). With a ridge term $\frac\lambda2\|\theta\|^2$ the free part decays like $(1-\eta\lambda)^t$: weight decay forgets the start.

```python
def limit_point(X, y, start):
    inverse = np.linalg.pinv(X)
    return inverse @ y + start - inverse @ (X @ start)
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| weight decay | $w\leftarrow(1-\eta\mu)w-\eta\nabla\mathcal R$; direction $i$ keeps $\frac{\lambda_i}{\lambda_i+\mu}$ | [update](#eq-rg-decay), [directions](#eq-rg-hessian) |
| effective degrees of freedom | $\sum_is_i^2/(s_i^2+\lambda)$ | [trace](#eq-rg-dof) |
| priors | Gaussian: ridge with $\lambda=\sigma^2/\tau^2$; Laplace: lasso | [posterior](#eq-rg-map) |
| early stopping | $1-(1-\eta s)^t\approx\frac s{s+\lambda}$ with $\lambda=\frac1{\eta t}$ | [filters](#eq-rg-filters) |
| implicit bias | $\theta_\infty=X^+y+(I-X^+X)\theta_0$ | [limit](#eq-rg-implicit) |
| input noise | ridge with $\lambda=n\sigma^2$ | [noise](#eq-rg-noise) |
| ensembles | variance $\rho v+\frac{1-\rho}Mv$ | [variance](#eq-rg-ensemble) |
| dropout | scale by $\pi$; on a linear model $\lambda_j=\frac{1-\pi}\pi\sum_ix_{ij}^2$ | [penalty](#eq-rg-dropout) |
| batch norm | $\hat x=(x-\mu)/\sqrt{\sigma^2+\epsilon}$ over the batch; running averages at test time | [formula](#eq-rg-bn) |
| double descent | $s^2\frac{n-1}{n-p-1}$, peak at $p=n$, then $(1-\frac np)\lVert\beta_T\rVert^2+s^2\frac{p-1}{p-n-1}$ | [risk](#eq-rg-risk) |

**Further reading.** {cite:t}`hastie2009` for shrinkage and bagging, {cite:t}`goodfellow2016` for the whole catalogue, {cite:t}`hastie2022` for the theory of the last section. Epoch-wise double descent was found in large networks by {cite:t}`nakkiran2020`; layer and group normalisation are due to {cite:t}`ba2016` and {cite:t}`wu2018`.
"""
