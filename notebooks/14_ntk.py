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

# %% tags=["set-up"]
import math
import timeit

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy import integrate, linalg, optimize, stats
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from sklearn.kernel_ridge import KernelRidge

from helpers import (
    data,
    exercise,
    explore,
    headline,
    live,
    measured,
    plot,
    verify,
    verify_at_least,
    verify_at_most,
    verify_within_se,
)

plot.style()
torch.set_num_threads(1)


def on_circle(angle):
    """Unit vectors, (n, 2)."""
    return np.stack([np.cos(angle), np.sin(angle)], -1)


# %% tags=["remove-cell"]
@exercise.define("two-examples")
def _(answer):
    W, a = np.array([[1.0, 0], [0, 1]]), np.array([1.0, -1])
    truth = tangent_kernel_of(W, a, np.array([[0.6, 0.8]]), np.array([[0.0, 1]]))[0, 0]
    assert abs(answer - truth) < 1e-6, (
        "add the product of the hidden vectors and, for each unit that is on for both, "
        "a² times the product of the inputs"
    )
    return True


@exercise.define("ntk-switches")
def _(answer):
    rng = np.random.default_rng(20)
    A = rng.normal(size=(5, 4))
    on = rng.normal(size=(400_000, 4)) @ A.T > 0
    said = np.asarray(answer(A, A))
    assert said.shape == (5, 5), "one number for each pair of rows"
    assert np.allclose(said, on.T.astype(float) @ on / 400_000, atol=0.005), (
        "400,000 random units say otherwise"
    )
    return True


@exercise.define("how-wide")
def _(answer):
    moved = math.sqrt(12 / (3 * answer))
    assert abs(moved - 0.01) < 1e-5, (
        f"at width {answer:g} the weights move by {moved:.2%} of their length"
    )
    return True


@exercise.define("ntk-patience")
def _(answer):
    lam = np.linalg.eigvalsh(tangent_limit(X, X))[0]
    assert abs(np.exp(-lam * answer) - 0.01) < 1e-4, (
        f"at that time {np.exp(-lam * answer):.2%} of the error is left"
    )
    return True


@exercise.define("ntk-features")
def _(answer):
    x = np.linspace(-2, 2, 9)
    said = np.asarray(answer(x))
    assert said.shape == (9, 3), f"expected three features a number, got {said.shape}"
    assert np.allclose(said @ said.T, (1 + np.outer(x, x)) ** 2), (
        "their inner products are not (1 + xz)²; expand the square"
    )
    return True


@exercise.define("slow-waves")
def _(answer):
    turn = np.linspace(0, 2 * np.pi, 4096, endpoint=False)
    theta = tangent_limit(on_circle(turn), on_circle(np.zeros(1)))[:, 0]
    share = lambda k: theta @ np.cos(k * turn)
    assert abs(answer - share(2) / share(10)) < 0.01 * share(2) / share(10), (
        "times are as one over eigenvalues; put k = 2 and k = 10 into the formula"
    )
    return True


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
    return True


@exercise.define("ntk-linear")
def _(answer):
    rng = np.random.default_rng(3)
    A = rng.normal(size=(4, 6))
    for layers in (1, 2, 3):
        sizes = [6] + [3000] * (layers - 1)
        W = [rng.normal(size=(m, k)) for k, m in zip(sizes, sizes[1:])]
        H = [A]
        for V in W:
            H.append(H[-1] @ V.T / np.sqrt(len(V)))
        K = H[-1] @ H[-1].T  # the outer weights' part; then layer by layer down
        Delta = np.tile(rng.normal(size=sizes[-1]), (4, 1)) if W else None
        for V, h in zip(W[::-1], H[-2::-1]):
            Delta = Delta / np.sqrt(len(V))
            K = K + (Delta @ Delta.T) * (h @ h.T)
            Delta = Delta @ V
        assert np.allclose(
            answer(A, A, layers), K, atol=0.15 * layers * abs(K).max()
        ), f"for {layers} layers a network of width 3,000 has another kernel"
    return True


@exercise.define("ntk-biases")
def _(answer):
    rng = np.random.default_rng(21)
    A = on_circle(np.array([0.0, 0.7, 2.0, 3.0]))
    W, b, a = (rng.normal(size=size) for size in ((300_000, 2), 300_000, 300_000))
    Z = A @ W.T + b
    on = (Z > 0) * a
    h = np.maximum(Z, 0)
    K = 2 * (h @ h.T + (A @ A.T + 1) * (on @ on.T)) / 300_000
    assert np.allclose(answer(A, A), K, atol=0.06), (
        "a network of width 300,000 disagrees; a bias is a weight whose input is 1"
    )
    return True


@exercise.define("ntk-between")
def _(answer):
    for power in (0.5, 0.6, 0.75, 1.0):
        moved = []
        for m in (256, 4096):
            W, a = start_at_zero(m, 2, np.random.default_rng(m))
            scale, eta = np.sqrt(2) * m**-power, 0.1 * m ** (2 * power - 1)
            after = train(W, a, X, y, eta, 100, [100], scale)[100][0]
            moved.append(np.linalg.norm(after - W, axis=1).mean())
        slope = math.log(moved[0] / moved[1], 16)
        assert abs(answer(power) - slope) < 0.05, (
            f"for p = {power} networks of width 256 and 4,096 say otherwise"
        )
    return True


@exercise.define("outer-only")
def _(answer):
    rng = np.random.default_rng(5)
    W = rng.normal(size=(20_000, 2))
    P = np.maximum(on_circle(np.array([0.0, 1.0, 2.5])) @ W.T, 0)
    K = 2 * P @ P.T / 20_000
    said = answer(on_circle(np.array([0.0, 1.0, 2.5])))
    assert np.shape(said) == (3, 3), "a kernel matrix, (n, n)"
    assert np.allclose(said, K, atol=0.05), (
        "only the outer weights have a gradient now: which of the two terms is theirs?"
    )
    return True


# %%
def tangent_limit(X, Z):
    """The formula: a number for two unit vectors. It knows their angle, nothing else."""
    cosine = np.clip(X @ Z.T, -1, 1)
    angle = np.arccos(cosine)
    return (np.sin(angle) + 2 * (np.pi - angle) * cosine) / np.pi


def network(W, a, X):
    """f(x) = √(2/m) Σ aⱼ(wⱼᵀx)₊ for the rows of X."""
    return np.sqrt(2 / len(a)) * np.maximum(X @ W.T, 0) @ a


# %% tags=["set-up"]
def train(W, a, X, y, eta, steps, keep, scale=None, phi=None, slope=None):
    """Descend ½‖f(X) − y‖², f(x) = scale · Σ aⱼφ(wⱼᵀx); the weights at the steps in keep."""
    scale = math.sqrt(2 / len(a)) if scale is None else scale
    phi = phi or (lambda z: np.maximum(z, 0))
    slope = slope or (lambda z: z > 0)
    W, a, kept = W.copy(), a.copy(), {}
    for t in range(steps + 1):
        if t in keep:
            kept[t] = W.copy(), a.copy()
        Z = X @ W.T  # (n, m)
        H = phi(Z)
        error = eta * scale * (scale * H @ a - y)
        back = (error[:, None] * slope(Z)).T @ X  # (m, d)
        W, a = W - a[:, None] * back, a - error @ H
    return kept


def start_at_zero(m, d, rng):
    """m units in pairs that cancel: standard normal weights, and f = 0."""
    W, a = rng.normal(size=(m // 2, d)), rng.normal(size=m // 2)
    return np.r_[W, W], np.r_[a, -a]


rng = np.random.default_rng(1)
angles = -np.pi + 2 * np.pi * (np.arange(8) + rng.uniform(0.15, 0.85, 8)) / 8
X, y = on_circle(angles), np.sin(angles) - np.cos(2 * angles)
grid = np.linspace(-np.pi, np.pi, 361)
G = on_circle(grid)
wide_W, wide_a = start_at_zero(8192, 2, rng)
moments = [0, 3, 10, 1000]
history = train(wide_W, wide_a, X, y, 0.15, 1000, moments)


def in_the_envelope(t, X_new, eta=0.15):
    """The prediction: the function after t steps."""
    lam, Q = np.linalg.eigh(tangent_limit(X, X))
    learned = (1 - (1 - eta * lam) ** t) / lam
    return tangent_limit(X_new, X) @ Q @ (learned * (Q.T @ y))


# %% tags=["picture"] mystnb={"image": {"alt": "Eight points on a circle unrolled to angles, and the function of the network at four times: coloured solid curves of the network covered by dashed black curves of the formula, the last passing through all points."}}
fig, ax = plt.subplots(figsize=(6.8, 3.3))
for t, colour in zip(moments, (plot.GREY, plot.SKY, plot.BLUE, plot.RED)):
    ax.plot(
        grid, network(*history[t], G), color=colour, lw=4, alpha=0.75, label=f"step {t}"
    )
    name = "formula" if t == 1000 else None
    ax.plot(grid, in_the_envelope(t, G), "--", color="black", lw=1, label=name)
ax.plot(angles, y, "o", color="black", ms=7, zorder=4)
ax.set(xlabel="angle of the input", ylabel="output")
fig.legend(loc="outside lower center", ncols=5)
plt.show()

# %% [markdown]
r"""
The dashed lines are the envelope. The network lies on them, from the first step to the last. It learned all eight numbers, and to do so it moved its weights by a little over one per cent of their length: even that was in the envelope. The formula is the function `tangent_limit` above, one line of trigonometry about the angle between two inputs; the targets, the step size and the time are put in afterwards, with eight eigenvectors.

By the end of this chapter you will be able to

- **derive** the kernel by which one example moves another, and compute it for a network of any depth without storing a gradient,
- **predict** a training curve, direction by direction, and say which functions a network never learns,
- **condition** a random function on what was observed, with honest error bars, and say how much a crowd of trained networks disagrees,
- **say** where this picture ends: a network that it describes learns no features.

It builds on [ridge regression](#ridge-regression), on [eigenvectors](#spectral-theorem) and on [backpropagation](#eq-bp-delta). Reading takes an hour and a quarter. Throughout, a network has standard normal weights, inputs of length 1, and the factor that keeps its outputs at size 1 stands in front: with one hidden layer of $m$ units

$$
f(x)=\sqrt{\tfrac2m}\,\sum_{j=1}^ma_j\,(w_j^\top x)_+ ,\qquad (u)_+=\max(u,0).
$$ (eq-ntk-network)
"""

# %% tags=["checks"]
verify_at_most(
    "8,192 units after 3, 10, 1,000 steps: largest distance of the network from the "
    "formula on the circle, against 5/√m",
    [abs(network(*history[t], G) - in_the_envelope(t, G)).max() for t in moments[1:]],
    5 / math.sqrt(8192),
)
verify(
    "its values at the eight points after 1,000 steps",
    network(*history[1000], X),
    y,
    atol=2e-3,
)
verify(
    "how far all its weights moved together: √(yᵀΘ⁻¹y) is in the envelope, too",
    math.hypot(
        np.linalg.norm(history[1000][0] - wide_W),
        np.linalg.norm(history[1000][1] - wide_a),
    ),
    math.sqrt(y @ np.linalg.solve(tangent_limit(X, X), y)),
    rtol=0.03,
)

# %% [markdown]
r"""
(one-example-moves-another)=
## How one example moves another

(neural-tangent-kernel)=
Training on a picture of a cat changes what the network says about a dog. By how much? Take the smallest network that can show it: two units, $w_1=(1,0)$, $w_2=(0,1)$, $a=(1,-1)$, so that by [the formula](#eq-ntk-network) $f(x)=(x_1)_+-(x_2)_+$. We train on $\xi=(1,0)$, where $f(\xi)=1$, and wish it were 0. The second unit is silent there. With $\eta=0.1$ one gradient step on $\frac12(f(\xi)-0)^2$ changes $a_1$ from 1 to $0.9$ and $w_1$ from $(1,0)$ to $(0.9,0)$.

Now look at another input, $x=(0.6,0.8)$. Its output was $0.6-0.8=-0.2$ and is now $0.9\cdot0.54-0.8=-0.314$. It moved by $-0.114$, although nobody asked it to.

In general the weights move by $\delta\theta=-\eta\,\frac{\partial\ell}{\partial f}\,\nabla_\theta f(\xi)$, and to first order the output at $x$ by

$$
\delta f(x)=\nabla_\theta f(x)^\top\delta\theta=-\eta\,k(x,\xi)\,\frac{\partial\ell}{\partial f}(\xi),\qquad k(x,\xi)=\langle\nabla_\theta f(x),\nabla_\theta f(\xi)\rangle .
$$ (eq-ntk-step)

:::{prf:definition} Neural tangent kernel
:label: def-ntk
The *neural tangent kernel* of a network at the weights $\theta$ is $k(x,\xi)=\langle\nabla_\theta f(x),\nabla_\theta f(\xi)\rangle$ {cite:p}`jacot2018`.
:::

It says how much of what is learned at $\xi$ arrives at $x$. For one hidden layer the gradients can be written down: $\partial f/\partial a_j=\sqrt{2/m}\,(w_j^\top x)_+$ and $\nabla_{w_j}f=\sqrt{2/m}\,a_j\,\mathbb 1[w_j^\top x>0]\,x$. Their products add up to

$$
k(x,\xi)=\frac2m\sum_{j=1}^m\Bigl[(w_j^\top x)_+(w_j^\top\xi)_++a_j^2\;x^\top\xi\;\mathbb 1[w_j^\top x>0]\,\mathbb 1[w_j^\top\xi>0]\Bigr].
$$ (eq-ntk-mean)

In the example only the first unit is on for both: $k=0.6\cdot1+1\cdot0.6=1.2$, and the predicted move is $-0.1\cdot1.2\cdot1=-0.12$, the first-order part of $-0.114$.
"""


# %%
def tangent_kernel_of(W, a, X, Z):
    """k(x, z) of one hidden layer for rows of X (n, d) and Z (n', d): (n, n')."""
    P, Q = X @ W.T, Z @ W.T  # (n, m), (n', m)
    both_on = ((P > 0) * a) @ ((Q > 0) * a).T
    hidden = np.maximum(P, 0) @ np.maximum(Q, 0).T
    return 2 / len(a) * (hidden + (X @ Z.T) * both_on)


# %% [markdown]
r"""
**Any depth.** By [backpropagation](#eq-bp-weight) the gradient by the weights $W^l$ of a layer is an outer product, $\delta^l(h^{l-1})^\top$, error times input. And the inner product of two outer products is a product of inner products:

$$
\langle\delta h^\top,\delta'h'^\top\rangle=\operatorname{tr}(h\,\delta^\top\delta'\,h'^\top)=(\delta^\top\delta')(h^\top h').
$$

So no gradient need ever be stored. With the inputs $h^{l-1}$ and errors $\delta^l$ of all $n$ examples as rows of $H^{l-1}$ and $\Delta^l$, and $\odot$ for the product entry by entry,

$$
K=\sum_l\bigl(\Delta^l\Delta^{l\top}\bigr)\odot\bigl(H^{l-1}H^{l-1\top}\bigr).
$$ (eq-ntk-layers)

One forward pass, one backward, no gradient:
"""


# %%
def tangent_kernel(weights, X):
    """K (n, n) of a ReLU network: weights W (m, d), W (m', m), ..., a (m,)."""
    H, on = [X], []  # inputs of every layer; slopes of every unit, with its √(2/m)
    for W in weights[:-1]:
        Z = H[-1] @ W.T
        on.append(np.sqrt(2 / len(W), dtype=X.dtype) * (Z > 0))
        H.append(Z * on[-1])
    K, Delta = H[-1] @ H[-1].T, weights[-1] * on[-1]
    for l in reversed(range(len(on))):
        K = K + (Delta @ Delta.T) * (H[l] @ H[l].T)
        Delta = (Delta @ weights[l]) * on[l - 1] if l else None
    return K


# %% tags=["set-up"]
def random_weights(*sizes, rng, dtype=np.float64):
    """Standard normal weights of a network with layers of these sizes and one output."""
    pairs = zip(sizes, sizes[1:])
    layers = [rng.standard_normal((m, d), dtype=dtype) for d, m in pairs]
    return [*layers, rng.standard_normal(sizes[-1], dtype=dtype)]


digits = data.digits()
unit = digits.X_train / np.linalg.norm(digits.X_train, axis=1, keepdims=True)
unit_test = digits.X_test / np.linalg.norm(digits.X_test, axis=1, keepdims=True)
digit_net = random_weights(64, 128, 128, rng=np.random.default_rng(2))
K_digits = tangent_kernel(digit_net, unit[:200])


def forward(weights, x):
    """The same network in torch: x (..., d) to (...)."""
    for W in weights[:-1]:
        x = torch.relu(x @ W.T) * math.sqrt(2 / len(W))
    return x @ weights[-1]


def torch_gradients(weights, X):
    """∇f for every row of X, (n, parameters), a backward pass each."""
    theta = [torch.tensor(W, requires_grad=True) for W in weights]
    rows = []
    for x in torch.tensor(X):
        parts = torch.autograd.grad(forward(theta, x), theta)
        rows.append(torch.cat([p.ravel() for p in parts]))
    return torch.stack(rows).numpy()


# %% tags=["checks"]
J = torch_gradients(digit_net, unit[:12])
verify(
    "64-128-128-1 network, twelve digits: inner products of torch's gradients",
    tangent_kernel(digit_net, unit[:12]),
    J @ J.T,
    rtol=1e-9,
)
two_W, two_a = np.array([[1.0, 0], [0, 1]]), np.array([1.0, -1])
small = train(
    two_W, two_a, np.array([[1.0, 0]]), np.zeros(1), 0.1, 1, [0, 1], scale=1.0
)
there = np.array([[0.6, 0.8]])
verify(
    "the two units: move of the other output, by hand",
    network(*small[1], there) - network(*small[0], there),
    [0.9 * 0.54 - 0.6],
    atol=1e-12,
)
J = torch_gradients([two_W, two_a], np.array([[0.6, 0.8], [1.0, 0]]))
verify(
    "the two units: kernel 1.2",
    [tangent_kernel_of(two_W, two_a, there, np.array([[1.0, 0]]))[0, 0], J[0] @ J[1]],
    [1.2, 1.2],
    atol=1e-12,
)
theta = [torch.tensor(W, requires_grad=True) for W in digit_net]
batch = torch.tensor(unit[:200])
before = forward(theta, batch).detach()
loss = 0.5 * (forward(theta, batch[0]) - 1) ** 2
with torch.no_grad():
    for p, g in zip(theta, torch.autograd.grad(loss, theta)):
        p -= 1e-5 * g
verify(
    "one step on one digit: moves of all 200 outputs over η, by (14.2)",
    (forward(theta, batch).detach() - before) / 1e-5,
    K_digits[:, 0] * (1 - before[0].item()),
    rtol=2e-3,
    atol=2e-3,
)

# %% [markdown]
r"""
Here is the kernel of a network that has learned nothing yet, two hidden layers of 128 units with random weights, on 200 digits sorted by class. Look for blocks along the diagonal: a step on a 0 moves the other 0s most.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "The tangent kernel of an untrained network on 200 digits sorted by class as a heat map: brighter blocks along the diagonal, brightest for the 0s, some hardly to be seen, and the plain cosine similarity of the pixels beside it, with a clear block for each class."}}
by_class = np.argsort(digits.y_train[:200], kind="stable")
middles = [
    np.mean(np.flatnonzero(digits.y_train[:200][by_class] == c)) for c in range(10)
]
cosines = unit[:200] @ unit[:200].T
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.4), sharey=True)
for ax, M, name in zip(
    axes, (K_digits, cosines), ("tangent kernel, untrained", "cosine of the raw pixels")
):
    M = M[np.ix_(by_class, by_class)]
    low, high = np.percentile(M, [2, 99])
    ax.imshow(M, cmap="cividis", vmin=low, vmax=high)
    ax.set_xticks(middles, range(10))
    ax.set_yticks(middles, range(10))
    ax.grid(False)
    ax.set(title=name, xlabel="digit $\\xi$")
axes[0].set_ylabel("digit $x$")
plt.show()


# %% tags=["set-up"]
def same_class(M):
    """Share of 200 digits whose largest entry belongs to a digit of their class."""
    nearest = (M - 1e9 * np.eye(200)).argmax(1)
    return np.mean(digits.y_train[nearest] == digits.y_train[:200])


untrained = [
    same_class(
        tangent_kernel(
            random_weights(64, m, m, rng=np.random.default_rng(s)), unit[:200]
        )
    )
    for m in (128, 512)
    for s in range(5)
]
print("share of 200 digits whose nearest by ... is of their class")
print(f"kernel of an untrained network, width 128: {np.mean(untrained[:5]):.3f}")
print(f"kernel of an untrained network, width 512: {np.mean(untrained[5:]):.3f}")
print(f"cosine of the raw pixels:                  {same_class(cosines):.3f}")

# %% [markdown]
r"""
Does an untrained network know digits, then? The picture on the right decides: the raw pixels know them better. What one sees is the geometry of the data, blurred by the randomness of the weights; the wider the network, the less the blur; in the limit the kernel knows the angle between two inputs and nothing else, and its nearest digits *are* those of the pixels.
"""

# %% tags=["checks"]
verify_at_most(
    "the untrained network, five draws of each width, never beats the raw pixels",
    untrained,
    same_class(cosines),
)
by_means = [
    [[M[np.ix_(u, v)].mean() for v in classes] for u in classes]
    for M in (K_digits, cosines)
    for classes in [[digits.y_train[:200] == c for c in range(10)]]
]
verify("pixels: the class nearest on average", np.argmax(by_means[1], 1), np.arange(10))
verify_at_least(
    "untrained network: a step on a 0, the 0s over the most moved other class",
    by_means[0][0][0] / max(by_means[0][0][1:]),
    1.0,
)
verify_at_least(
    "mean over draws: width 512 over width 128",
    np.mean(untrained[5:]) / np.mean(untrained[:5]),
    1.0,
)

# %% [markdown]
r"""
**Try it.** In the network of two units: how much of what is learned at $\xi=(0,1)$ arrives at $x=(0.6,0.8)$?
"""

# %% tags=["yours"]
two_examples = ...  # k(x, ξ)

exercise("two-examples").check(two_examples)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Only the second unit is on for both, with $a_2^2=1$: $k=0.8\cdot1+1\cdot0.8$.

```python
two_examples = 1.6
```

</details>
"""

# %% [markdown]
r"""
(infinite-width-ntk)=
## The formula in the envelope

Two networks with other random weights have other kernels. How different? [The kernel](#eq-ntk-mean) is a *mean* of $m$ independent terms, so by the law of large numbers it converges to its expectation as the width grows, at the rate $1/\sqrt m$. Let one training example stand at angle 0: each curve is what one step on it does all round the circle, up to the factor $-\eta\,\partial\ell/\partial f$. Drag the width.
"""


# %% tags=["picture"]
def kernels_of_networks(width):
    rng = np.random.default_rng(16)
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    for k in range(8):
        W, a = rng.normal(size=(width, 2)), rng.normal(size=width)
        values = tangent_kernel_of(W, a, G[::3], on_circle(np.zeros(1)))[:, 0]
        name = "eight random networks" if k == 0 else None
        ax.plot(grid[::3], values, color=plot.SKY, lw=1, label=name)
    limit = tangent_limit(G, on_circle(np.zeros(1)))[:, 0]
    ax.plot(grid, limit, color=plot.RED, label="formula")
    ax.set(
        xlabel="angle between $x$ and $z$",
        ylabel="kernel",
        ylim=(-0.8, 4.2),
        title=f"width {width}",
    )
    ax.legend(loc="upper left")
    return fig


explore(
    kernels_of_networks,
    alt="Kernels of eight random networks against the angle: scattered steps at small width, all on the smooth limiting curve at large width",
    width=[64, 4, 16, 256, 16384],
)

# %% [markdown]
r"""
Which curve is it? Two expectations are to be found. Only the plane of $x$ and $z$ matters, and there $w=r(\cos\psi,\sin\psi)$ with $\psi$ uniform and $r^2$ of mean 2. Let $\vartheta$ be the angle between $x$ and $z$. A unit is on for $x$ if $w$ lies in a half-plane; both are on for an arc of length $\pi-\vartheta$. So the chance that both are on is $\frac{\pi-\vartheta}{2\pi}$, and

$$
\begin{aligned}
\mathbb E[(w^\top x)_+(w^\top z)_+]&=\|x\|\|z\|\,\frac{\mathbb E r^2}{2\pi}\int_{\vartheta-\pi/2}^{\pi/2}\cos\psi\cos(\psi-\vartheta)\,d\psi\\
&=\frac{\|x\|\|z\|}{2\pi}\bigl(\sin\vartheta+(\pi-\vartheta)\cos\vartheta\bigr),
\end{aligned}
$$ (eq-ntk-arccos)

because $2\cos\psi\cos(\psi-\vartheta)=\cos\vartheta+\cos(2\psi-\vartheta)$ {cite:p}`cho2009`. With $\mathbb E a_j^2=1$, [the mean](#eq-ntk-mean) of unit vectors tends to

$$
\Theta(x,z)=\underbrace{\frac{\sin\vartheta+(\pi-\vartheta)\cos\vartheta}\pi}_{\text{outer weights: }\Sigma(x,z)}+\underbrace{\cos\vartheta\;\frac{\pi-\vartheta}\pi}_{\text{inner weights}} .
$$ (eq-ntk-limit)

No weight is left in it: this is `tangent_limit`. The first part has a name of its own, $\Sigma$; it will come back as the covariance of the untrained network.
"""


# %%
def Sigma(X, Z):
    """2 E[(wᵀx)₊(wᵀz)₊] for w ~ N(0, I): the arc-cosine kernel, rows of any length."""
    norms = np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(Z, axis=1)
    angle = np.arccos(np.clip(X @ Z.T / norms, -1, 1))
    return norms * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi


# %% tags=["checks"]
rng = np.random.default_rng(11)
inputs3d = rng.normal(size=(4, 3)) + 1
H = np.maximum(rng.normal(size=(500_000, 3)) @ inputs3d.T, 0)  # (units, 4)
verify(
    "Σ of four inputs in three dimensions, against 500,000 units",
    2 * H.T @ H / len(H),
    Sigma(inputs3d, inputs3d),
    rtol=0.02,
)
apart = on_circle(np.array([0.0, 1.2]))
limit_widths, draws_of_k = 4 ** np.arange(3, 8), []
for m in limit_widths:
    some = [
        tangent_kernel_of(
            rng.normal(size=(m, 2)), rng.normal(size=m), apart[:1], apart[1:]
        )[0, 0]
        for _ in range(100)
    ]
    draws_of_k.append(some)
verify_within_se(
    "a hundred networks of each width 64 to 16,384, one pair: mean of (k − Θ)√m",
    (
        (np.array(draws_of_k) - tangent_limit(apart[:1], apart[1:])[0, 0]).T
        * limit_widths**0.5
    ).ravel(),
    0.0,
)
verify(
    "their standard deviation against the width: slope on logarithmic axes",
    np.polyfit(np.log(limit_widths), np.log(np.std(draws_of_k, axis=1)), 1)[0],
    -0.5,
    atol=0.07,
)

# %% [markdown]
r"""
**Try it.** Write the chance that a random unit is on for both of two inputs, $\mathbb E\bigl[\mathbb 1[w^\top x>0]\,\mathbb 1[w^\top z>0]\bigr]$, for the rows of two matrices, of any length.
"""

# %% tags=["yours"]
switches = ...  # a function of X (n, d) and Z (n', d) that returns (n, n')

exercise("ntk-switches").check(switches)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Both are on for an arc of $\pi-\vartheta$ out of $2\pi$; lengths do not matter.

```python
def switches(X, Z):
    unit = lambda A: A / np.linalg.norm(A, axis=1, keepdims=True)
    return (np.pi - np.arccos(np.clip(unit(X) @ unit(Z).T, -1, 1))) / (2 * np.pi)
```

</details>
"""

# %% [markdown]
r"""
(why-it-stands-still)=
## Why the kernel stands still

A limit at the start is not enough: the kernel is made of weights, and the weights move while the network learns. How far?

(linearized-network)=
**Straighten the network.** If they do not move far, the first terms of Taylor's formula will do:

$$
h(\beta)(x)=f(x;\theta_0)+\beta^\top\nabla_\theta f(x;\theta_0),\qquad\beta=\theta-\theta_0 .
$$ (eq-ntk-linear)

This *linearised network* is not linear in $x$ but in $\beta$: a regression on the *random features* $\nabla_\theta f(x;\theta_0)$, one for each weight, with the tangent kernel as its kernel. With a squared or a logistic loss its training is a convex problem. What it needs to fit targets $y$ from a start with $f_0=0$ is the [shortest](#moore-penrose-pseudoinverse) $\beta$ with $J\beta=y$, where $J$ has the gradients as rows and $JJ^\top=K$:

$$
\beta=J^\top K^{-1}y,\qquad\|\beta\|^2=y^\top K^{-1}y .
$$ (eq-ntk-distance)

There is no $m$ in this distance, once $K$ is near its limit. *The whole network* has to move by a fixed length, about 2 in the opening, and $m$ units share it: on average each moves by $O(m^{-1/2})$, while it is itself of size 1. The wider the network, the better the straight line describes it.

How well? Train the network and its straightened self from the same start, at three widths.
"""


# %%
def features(W, a, X):
    """J: the gradients of the one-hidden-layer network as rows, (n, parameters)."""
    Z, scale = X @ W.T, np.sqrt(2 / len(a))
    inner = scale * ((Z > 0) * a)[:, :, None] * X[:, None]  # ∂f/∂W, (n, m, d)
    return np.c_[scale * np.maximum(Z, 0), inner.reshape(len(X), -1)]


# %% tags=["set-up"]
def apart_while_training(m, seed, steps=(10, 30, 100, 300)):
    """Largest difference between the network and the linearised one, over the circle."""
    W, a = start_at_zero(m, 2, np.random.default_rng(seed))
    J, J_grid = features(W, a, X), features(W, a, G[::9])
    trained, beta, worst = train(W, a, X, y, 0.15, 300, steps), 0.0, []
    for t in range(1, 301):
        beta = beta - 0.15 * J.T @ (J @ beta - y if t > 1 else -y)
        if t in steps:
            worst.append(abs(network(*trained[t], G[::9]) - J_grid @ beta).max())
    return max(worst)


straight_widths = [16, 256, 4096]
straight = np.array(
    [[apart_while_training(m, s) for s in range(6)] for m in straight_widths]
)
print("width   network minus linearised network, largest while training (6 starts)")
for m, row in zip(straight_widths, straight):
    print(f"{m:5}   {row.mean():.3f}  (from {row.min():.3f} to {row.max():.3f})")

# %% [markdown]
r"""
The targets are of size 1. Sixteen units are not a straight line; four thousand nearly are.

(lazy-training)=
**The theorem.** Training such that the kernel keeps the value it had at the start is called *lazy*.

:::{prf:theorem} Lazy training
:label: thm-ntk-lazy
Let the activation be smooth with bounded derivatives, the limiting kernel on the training inputs positive definite with extreme eigenvalues $\lambda_{\min}>0$ and $\lambda_{\max}$, and train all weights by gradient descent with $\eta<2/(\lambda_{\min}+\lambda_{\max})$ on the squared error. For every $\delta>0$ there is a constant such that at every large width $m$, with probability at least $1-\delta$, during all of training the weights, all together and relative to their length, and the kernel, relative to its size, move by at most this constant times $m^{-1/2}$ {cite:p}`lee2019`.
:::

Why? With small steps, counted as time $t$: while all eigenvalues of $K$ stay between $\frac12\lambda_{\min}$ and $2\lambda_{\max}$, the error falls at least like $e^{-\lambda_{\min}t/2}$, so the path of the weights is at most $\int\|J^\top(y-f)\|\,dt\le2\sqrt{2\lambda_{\max}}\,\|y-f_0\|/\lambda_{\min}$: no $m$. Shared by many units, it moves the kernel too little to leave these bounds. In [the mean](#eq-ntk-mean) every term changes by $O(m^{-1/2})$, so the mean changes by no more. It may be less. A unit moves in proportion to $a_j$, which is as often negative as positive; then at first order the changes of the terms cancel in the mean, and what is left is of order $1/m$.

The rectifier also has a kink; units that cross it change the kernel by jumps. So we expect a slope of $-1$ for $\tanh$, and for the rectifier one between $-\frac34$ and $-\frac12$.

<details><summary>How much the kink costs</summary>

On each example about $m\cdot m^{-1/2}$ units cross it, and each crossing changes the mean by $\pm\frac1m$. If ups and downs were as in tossing coins, they would sum to $\sqrt{m^{1/2}}/m=m^{-3/4}$. But a unit that falls silent is no longer pushed, and one that wakes up is, so ups and downs do not quite cancel; a part of order $m^{1/2}/m=m^{-1/2}$ remains.

</details>
"""

# %% tags=["set-up"]
rng = np.random.default_rng(0)
raw, sphere_y = rng.normal(size=(8, 3)), rng.normal(size=8)
sphere = raw / np.linalg.norm(raw, axis=1, keepdims=True)
KINDS = {  # activation, its slope, square of the scale times m, η, steps
    "ReLU": (lambda z: np.maximum(z, 0), lambda z: z > 0, 2, 0.2, 150),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2, 1, 0.45, 250),
}


def general_kernel(W, a, X, phi, slope, scale):
    """The tangent kernel of scale · Σ aⱼφ(wⱼᵀx) on the rows of X."""
    P = X @ W.T
    both = (slope(P) * a) @ (slope(P) * a).T
    return scale**2 * (phi(P) @ phi(P).T + (X @ X.T) * both)


def movement(kind, m, seed):
    """Mean move of a unit, relative change of the kernel, share of the error left."""
    phi, slope, factor, eta, steps = KINDS[kind]
    start = start_at_zero(m, 3, np.random.default_rng(seed))
    W, a, S, target = (v.astype(np.float32) for v in (*start, sphere, sphere_y))
    scale = math.sqrt(factor / m)
    W1, a1 = train(W, a, S, target, eta, steps, [steps], scale, phi, slope)[steps]
    K0, K1 = (general_kernel(*w, S, phi, slope, scale) for w in ((W, a), (W1, a1)))
    left = scale * phi(S @ W1.T) @ a1 - target
    return (
        np.linalg.norm(W1 - W, axis=1).mean(),
        np.linalg.norm(K1 - K0) / np.linalg.norm(K0),
        np.mean(left**2) / np.mean(sphere_y**2),
    )


lazy_widths = 4 ** np.arange(4, 8)
lazy_seeds = {"ReLU": (60, 24, 12, 6), "tanh": (16, 8, 3, 3)}
lazy_runs = {
    kind: [
        np.array([movement(kind, m, s) for s in range(number)])
        for m, number in zip(lazy_widths, lazy_seeds[kind])
    ]
    for kind in KINDS
}
moves = {kind: np.array([r.mean(0) for r in runs]) for kind, runs in lazy_runs.items()}
for kind, table in moves.items():
    fewer = "  ".join(f"{v:.2f}" for v in table[:-1, 1] / table[1:, 1])
    print(f"{kind}: four times the width, and the kernel changes {fewer} times less")

# %% tags=["picture"] mystnb={"image": {"alt": "Two double logarithmic panels against the width, 256 to 16,384. Left the mean move of a unit, for ReLU and tanh parallel lines of slope minus one half. Right the relative change of the kernel: tanh on a line of slope minus one, ReLU falling more gently, between the slopes minus one half and minus three quarters; the single starts scatter around the means."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.0))
for column, ax in enumerate(axes):
    for (kind, runs), colour in zip(lazy_runs.items(), (plot.BLUE, plot.RED)):
        for m, run in zip(lazy_widths, runs):
            ax.plot([m] * len(run), run[:, column], ".", color=colour, alpha=0.25)
        ax.plot(lazy_widths, moves[kind][:, column], "o-", color=colour, label=kind)
    for (kind, power), end in (
        (("ReLU", 0.5), "−1/2"),
        (("ReLU", 0.75), "−3/4"),
        (("tanh", 0.5 + 0.5 * column), f"−{'1' if column else '1/2'}"),
    ):
        if column or power == 0.5:
            guide = moves[kind][0, column] * (lazy_widths / 256) ** -power
            ax.plot(lazy_widths, guide, "--", color=plot.GREY, lw=1, zorder=0)
            ax.text(lazy_widths[-1] * 1.15, guide[-1], end, fontsize=8, va="center")
    ax.set(xscale="log", yscale="log", xlabel="width", xlim=(180, 45_000))
axes[0].set(title="move of a unit")
axes[1].set(title="relative change of the kernel")
axes[0].legend()
plt.show()

# %% [markdown]
r"""
Eight points in three dimensions, fitted to a small error at every width. With each factor of four in the width the units move half as far on average. The kernel of the $\tanh$ network changes four times less: order $1/m$. That of the rectifier changes 2.4 times less, again 2.4 times, and then 2.1 times: between $4^{3/4}\approx2.8$ and $4^{1/2}=2$. On other points the factors are others, but for a network with kinks the theorem's $m^{-1/2}$ is hardly pessimistic.
"""

# %% tags=["checks"]
verify_at_most(
    "ReLU and tanh, four widths: share of the squared error left",
    [table[:, 2].max() for table in moves.values()],
    0.02,
)
falls = {
    kind: -np.diff(np.log(table[:, :2]), axis=0) / np.log(4)
    for kind, table in moves.items()
}
verify(
    "moves of a unit: exponent of the width, ReLU and tanh",
    [np.mean(falls[kind][:, 0]) for kind in KINDS],
    [0.5, 0.5],
    atol=0.05,
)
verify(
    "change of the kernel, tanh: exponent", np.mean(falls["tanh"][:, 1]), 1.0, atol=0.1
)
fall = np.mean(falls["ReLU"][:, 1])
verify_at_least(
    "change of the kernel, ReLU: exponent at least that of the theorem", fall, 1 / 2
)
verify_at_most("and at most that of tossed coins", fall, 3 / 4)
verify_at_most(
    "straightened: largest difference, from width to width, any start against any",
    straight[1:].max(1) / straight[:-1].min(1),
    1.0,
)
tanh_net = random_weights(2, 64, 64, rng=np.random.default_rng(4))
way = random_weights(2, 64, 64, rng=np.random.default_rng(5))
inputs = torch.tensor(G[::36])


def at(s):
    x = inputs
    theta = [torch.tensor(w) + s * torch.tensor(v) for w, v in zip(tanh_net, way)]
    for W in theta[:-1]:
        x = torch.tanh(x @ W.T) / 8
    return x @ theta[-1]


start, rise = torch.func.jvp(
    at, (torch.tensor(0.0).double(),), (torch.tensor(1.0).double(),)
)
sizes = np.geomspace(1e-3, 1e-1, 7)
gap = [abs(at(s) - start - s * rise).max().item() for s in sizes]
verify(
    "a smooth network minus its linearisation: quadratic in the distance",
    np.polyfit(np.log(sizes), np.log(gap), 1)[0],
    2.0,
    atol=0.1,
)
W, a = wide_W[:50], wide_a[:50]
verify(
    "the features are the gradients: torch",
    features(W, a, X),
    torch_gradients([W, a], X)[:, np.r_[100:150, 0:100]],
    atol=1e-12,
)
verify(
    "fifty units: the sum over units, and the inner products of the features",
    tangent_kernel_of(W, a, X, X[:3]),
    features(W, a, X) @ features(W, a, X[:3]).T,
    atol=1e-12,
)

# %% [markdown]
r"""
**Try it.** The targets need a distance $\|\beta\|^2=12$. A one-hidden-layer network on two-dimensional inputs has $3m$ weights, so $\|\theta_0\|^2\approx3m$. How wide must it be for the weights to move by one per cent of their length?
"""

# %% tags=["yours"]
how_wide = ...  # a width

exercise("how-wide").check(how_wide)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\sqrt{12/3m}=\frac1{100}$.

```python
how_wide = 12 / 3 * 100**2
```

</details>
"""

# %% [markdown]
r"""
(ntk-linear-dynamics)=
## A training curve, solved

With a kernel that stands still, [one step on one example](#eq-ntk-step) becomes, for all examples together, with the squared error and in small steps, a linear differential equation for the outputs on the training points:

$$
\dot f=K\,(y-f)\quad\Longrightarrow\quad f_t=y+e^{-Kt}(f_0-y).
$$ (eq-ntk-ode)

Two examples, $K=\begin{pmatrix}2&1\\1&2\end{pmatrix}$, $y=(1,0)$ and $f_0=0$. The eigenvectors are $(1,1)$ with eigenvalue 3, what the two share, and $(1,-1)$ with eigenvalue 1, where they differ. The target is half of each, so

$$
f_t=y-\tfrac12e^{-3t}\begin{pmatrix}1\\1\end{pmatrix}-\tfrac12e^{-t}\begin{pmatrix}1\\-1\end{pmatrix}.
$$

At first *both* outputs rise, because the examples are alike; the second, whose target is 0, climbs to $0.19$ before it turns round. What examples share is learned three times as fast as what tells them apart. In general, in the eigenbasis $K=Q\Lambda Q^\top$ the error in the direction $q_i$ dies like $e^{-\lambda_it}$, each at its own rate.

At a new point, $\dot f(x)=k(x,X)(y-f_t)$ integrates to

$$
f_t(x)=f_0(x)+k(x,X)\,K^{-1}\bigl(I-e^{-Kt}\bigr)(y-f_0(X)).
$$ (eq-ntk-test)

This is what is in the envelope, with $\Theta$ for $k$ and, since it took finite steps, $(1-\eta\lambda_i)^t$ in place of $e^{-\lambda_i\eta t}$.
"""


# %%
def flow(K, K_new, t, f0, f0_new, y):
    """f_t at new points, by the eigenvectors of K (n, n); K_new is (k, n)."""
    lam, Q = np.linalg.eigh(K)
    learned = -np.expm1(-lam * t) / lam
    return f0_new + K_new @ Q @ (learned * (Q.T @ (y - f0)))


# %% [markdown]
"""
A second network of the same width, this time from an ordinary random start. Drag the time. On the left network and formula; on the right what is left of the error in each of the eight eigen-directions, the network's as bars, the law as dots. Which goes first?
"""

# %% tags=["picture"]
rng = np.random.default_rng(17)
start_W, start_a = rng.normal(size=(8192, 2)), rng.normal(size=8192)
clock = [0, 20, 40, 80, 160, 320, 640, 1280, 2560]  # steps of length 0.025
single = [v.astype(np.float32) for v in (start_W, start_a, X, y)]
along = train(*single, 0.025, clock[-1], clock)
K_start = tangent_kernel_of(start_W, start_a, X, X)
lam_start, Q_start = np.linalg.eigh(K_start)
f_start, f_start_grid = network(*along[0], X), network(*along[0], G)
first_error = Q_start.T @ (f_start - y)
narrow_W, narrow_a = start_W[:40], start_a[:40]


def over_time(time):
    t = round(time / 0.025)
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1), width_ratios=(3, 2))
    left.plot(grid, network(*along[t], G), color=plot.SKY, lw=4, label="network")
    law = flow(tangent_limit(X, X), tangent_limit(G, X), time, f_start, f_start_grid, y)
    left.plot(grid, law, "--", color="black", lw=1.2, label="formula")
    left.plot(angles, y, "o", color=plot.RED, ms=6)
    left.set(xlabel="angle of the input", ylim=(-3.2, 3.2), title=f"time {time:g}")
    left.legend(loc="lower right")
    error = Q_start.T @ (network(*along[t], X) - y)
    law = first_error * np.exp(-lam_start * time)
    right.bar(range(8), abs(error)[::-1], color=plot.SKY)
    right.plot(range(8), abs(law)[::-1], "o", color="black", ms=4)
    right.set(
        xlabel="eigen-direction",
        xticks=range(8),
        xticklabels=range(1, 9),
        ylim=(0, 1.05 * abs(first_error).max()),
        title="error left",
    )
    return fig


explore(
    over_time,
    alt="Left the network's curve covered by the formula as both bend towards eight points; right eight bars of remaining error, the leftmost vanishing first, each at the height of its dot",
    time=[2.0, 0.0, 0.5, 1.0, 4.0, 16.0, 64.0],
)

# %% tags=["checks"]
K2, peak = np.array([[2.0, 1], [1, 2]]), math.log(3) / 2
turning = flow(K2, K2, peak, np.zeros(2), np.zeros(2), np.array([1.0, 0]))
verify(
    "two examples: the second output where it turns, by a solver",
    turning[1],
    integrate.solve_ivp(
        lambda t, f: K2 @ ([1, 0] - f), (0, peak), np.zeros(2), rtol=1e-9, atol=1e-11
    ).y[1, -1],
    atol=1e-7,
)
J, J_new = features(narrow_W, narrow_a, X), features(narrow_W, narrow_a, G[::36])
by_weights = integrate.solve_ivp(
    lambda t, beta: J.T @ (y - J @ beta), (0, 5), np.zeros(120), rtol=1e-9, atol=1e-11
)
verify(
    "straightened network at time 5: solver in its 120 weights, formula in the outputs",
    J_new @ by_weights.y[:, -1],
    flow(J @ J.T, J_new @ J.T, 5.0, np.zeros(8), np.zeros(11), y),
    atol=1e-6,
)
paths = [
    (
        network(*along[t], G),
        flow(
            tangent_limit(X, X),
            tangent_limit(G, X),
            0.025 * t,
            f_start,
            f_start_grid,
            y,
        ),
    )
    for t in clock[1:]
]
verify_at_most(
    "width 8,192, ordinary start: largest distance from the formula at eight times, "
    "against 8/√m",
    [abs(u - v).max() for u, v in paths],
    8 / math.sqrt(8192),
)
errors = np.array([Q_start.T @ (network(*along[t], X) - y) for t in clock])
rates = []
for k in (7, 5, 3):
    some = 0.025 * np.array(clock)
    some = some[lam_start[k] * some < 3]  # while there is something left to learn
    rates.append(-np.polyfit(some, np.log(abs(errors[: len(some), k])), 1)[0])
verify(
    "rates of learning in eigen-directions 1, 3 and 5, against −log(1 − ηλ)/η",
    rates,
    -np.log(1 - 0.025 * lam_start[[7, 5, 3]]) / 0.025,
    rtol=0.05,
)

# %% [markdown]
r"""
**Try it.** How long does the slowest of the eight directions of the opening take until one per cent of its error is left? (`tangent_limit(X, X)` is the kernel.)
"""

# %% tags=["yours"]
patience = ...  # a time

exercise("ntk-patience").check(patience)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$e^{-\lambda t}=\frac1{100}$ gives $t=\ln100/\lambda_{\min}$, about ninety. The fastest direction needs one.

```python
patience = math.log(100) / np.linalg.eigvalsh(tangent_limit(X, X))[0]
```

</details>
"""

# %% [markdown]
r"""
(kernel-ridge-regression)=
## Where it ends: regression without features

More weights than examples: countless functions fit. At which one does training end? As $t\to\infty$ only $K^{-1}$ is left in [the solution](#eq-ntk-test): from $f_0=0$ training ends in $\hat f(x)=k(x,X)K^{-1}y$.

[Ridge regression](#ridge-regression) on features, $\min_w\|y-\Phi w\|^2+\lambda\|w\|^2$, has the solution $w=(\Phi^\top\Phi+\lambda I)^{-1}\Phi^\top y$, a system as large as there are features; a wide network has millions. But multiply $\Phi^\top(\Phi\Phi^\top+\lambda I)=(\Phi^\top\Phi+\lambda I)\Phi^\top$ by both inverses:

$$
(\Phi^\top\Phi+\lambda I)^{-1}\Phi^\top=\Phi^\top(\Phi\Phi^\top+\lambda I)^{-1},
$$ (eq-ntk-push)

and the prediction $\varphi(x)^\top w$ needs nothing but inner products of features, $k(x,z)=\varphi(x)^\top\varphi(z)$ and $K=\Phi\Phi^\top$:

$$
\hat f(x)=k(x,X)\,(K+\lambda I)^{-1}y,
$$ (eq-ntk-krr)

*kernel ridge regression*, a system as large as there are *examples*. As $\lambda\to0$ it becomes *ridgeless*: among the functions that fit it takes the one with the smallest $\|w\|$. So a wide network, trained to the end, is ridgeless regression with the kernel $\Theta$. There is no ridge in $\dot f=K(y-f)$; a penalty $\lambda\|\theta-\theta_0\|^2$ brings it in. Stopping early is much like one: at time $t$ the direction with eigenvalue $\lambda_i$ has got the share $1-e^{-\lambda_it}$ of its target, with the ridge $\lambda$ it gets $\frac{\lambda_i}{\lambda_i+\lambda}$, and for $\lambda=\frac1t$ the two shares are never more than about a fifth apart.

A kernel may have more features than one could ever write down. For two inputs $(x^\top z)^2=x_1^2z_1^2+2x_1x_2z_1z_2+x_2^2z_2^2$ is the inner product of the three features $(x_1^2,\sqrt2\,x_1x_2,x_2^2)$, for $d$ inputs of $d(d+1)/2$, at the price of $d$ multiplications; for the Gaussian kernel (*RBF*) $e^{-\|x-z\|^2/2\ell^2}$ the features are infinitely many.
"""


# %%
def rbf(X, Z, length=1.0):
    return np.exp(-((X[:, None] - Z[None]) ** 2).sum(-1) / (2 * length**2))


def kernel_ridge(k, X, y, lam):
    """The fitted function: x ↦ k(x, X)(K + λI)⁻¹ y."""
    alpha = np.linalg.solve(k(X, X) + lam * np.eye(len(X)), y)
    return lambda X_new: k(X_new, X) @ alpha


# %% [markdown]
r"""
Two knobs. The length scale $\ell$ says how far a point's opinion reaches, $\lambda$ how much it is believed. Look for three corners: believe everything nearby (bristles), believe nothing (flat), and the one between.
"""

# %% tags=["picture"]
rng = np.random.default_rng(3)
x_noisy = np.sort(rng.uniform(-3, 3, 30))[:, None]
y_noisy = np.sin(2 * x_noisy[:, 0]) + 0.3 * rng.normal(size=30)
line = np.linspace(-3.2, 3.2, 300)[:, None]


def two_knobs(length, lam):
    fitted = kernel_ridge(lambda X, Z: rbf(X, Z, length), x_noisy, y_noisy, lam)
    fig, ax = plt.subplots(figsize=(6.8, 2.8))
    ax.plot(line, np.sin(2 * line), color=plot.GREY, lw=1, label="truth")
    ax.plot(x_noisy, y_noisy, ".", color="black")
    ax.plot(line, fitted(line), color=plot.RED, label="kernel ridge")
    ax.set(xlabel="$x$", ylim=(-2.2, 2.2))
    ax.legend(loc="upper left", ncols=2)
    return fig


explore(
    two_knobs,
    alt="Thirty noisy points of a sine and the kernel ridge fit: bristly for small length and penalty, flat for large ones",
    length=[0.6, 0.1, 1.5, 4.0],
    lam=[0.1, 0.001, 10.0],
)

# %% tags=["checks"]
shares = np.geomspace(1e-3, 1e3, 2001)  # λᵢt
verify_at_most(
    "stopped at t, or the ridge 1/t: largest difference of the shares, a fifth or so",
    abs(1 - np.exp(-shares) - shares / (1 + shares)),
    0.21,
)
rng = np.random.default_rng(6)
P, P_new, target = (
    rng.normal(size=(40, 3)),
    rng.normal(size=(9, 3)),
    rng.normal(size=40),
)


def quadratic(X):
    i, j = np.triu_indices(3)
    return X[:, i] * X[:, j] * np.where(i == j, 1, np.sqrt(2))  # (n, 6)


verify("the Gaussian kernel: scikit-learn's", rbf(P, P_new), kernels.RBF()(P, P_new))
Phi, Phi_new = quadratic(P), quadratic(P_new)
square = lambda X, Z: (X @ Z.T) ** 2
verify(
    "kernel (xᵀz)², 40 × 40 system: ridge on six explicit features",
    kernel_ridge(square, P, target, 0.7)(P_new),
    Phi_new @ np.linalg.solve(Phi.T @ Phi + 0.7 * np.eye(6), Phi.T @ target),
    rtol=1e-8,
)
verify(
    "λ → 0 on three examples: the interpolant of least norm, by the pseudoinverse",
    kernel_ridge(square, P[:3], target[:3], 1e-9)(P_new),
    Phi_new @ np.linalg.pinv(Phi[:3]) @ target[:3],
    atol=1e-5,
)
end = network(*along[clock[-1]], G)
ridgeless = f_start_grid + tangent_limit(G, X) @ np.linalg.solve(
    tangent_limit(X, X), y - f_start
)
ridge = f_start_grid + tangent_limit(G, X) @ np.linalg.solve(
    tangent_limit(X, X) + np.eye(8), y - f_start
)
verify_at_most(
    "the network at time 64: distance from ridgeless regression with Θ, over that from "
    "ridge with λ = 1",
    abs(end - ridgeless).max() / abs(end - ridge).max(),
    0.1,
)
J, beta = features(narrow_W, narrow_a, X), np.zeros(120)
for _ in range(3000):
    beta -= 0.05 * (J.T @ (J @ beta - y) + 0.3 * beta)
verify(
    "a penalty of 0.3‖θ − θ₀‖² on a straightened network: ridge with λ = 0.3",
    J @ beta,
    J @ J.T @ np.linalg.solve(J @ J.T + 0.3 * np.eye(8), y),
    atol=1e-8,
)

# %% [markdown]
r"""
**Try it.** Find three features $\varphi(x)\in\mathbb R^3$ of a number $x$ with $\varphi(x)^\top\varphi(z)=(1+xz)^2$.
"""

# %% tags=["yours"]
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
"""

# %% [markdown]
r"""
(slow-waves-first)=
## Slow waves first, and waves that nobody hears

Large eigenvalues are learned first. Which functions are those? On the circle one can say. The kernel depends on the angle between two inputs only, so it is a [convolution](#convolution) on the circle and has waves as eigenfunctions: spread many points evenly over the circle, and $\cos k\gamma$ and $\sin k\gamma$ are multiplied by the Fourier coefficients of $\Theta$,

$$
\lambda_k=\frac1\pi\int_0^\pi\Theta(\gamma)\cos k\gamma\,d\gamma\quad\text{(times the number of points)}.
$$

Put in $\pi\Theta=\sin\gamma+2(\pi-\gamma)\cos\gamma$. For even $k$ the first part gives $\int_0^\pi\sin\gamma\cos k\gamma\,d\gamma=\frac{2}{1-k^2}$. In the second write $2\cos\gamma\cos k\gamma=\cos(k+1)\gamma+\cos(k-1)\gamma$ and use $\int_0^\pi(\pi-\gamma)\cos n\gamma\,d\gamma=\frac2{n^2}$ for odd $n$, and 0 for even $n\ne0$. Together

$$
\lambda_k=\frac1{\pi^2}\Bigl[\frac{2}{1-k^2}+\frac2{(k+1)^2}+\frac2{(k-1)^2}\Bigr]=\frac{2}{\pi^2}\,\frac{k^2+3}{(k^2-1)^2}\qquad(k\text{ even}).
$$ (eq-ntk-waves)

They fall like $1/k^2$: *a wide network learns slow waves before fast ones*. Now odd $k\ge3$. The first integral is zero. Both $k\pm1$ are even, so the second is zero. The eigenvalue is not small, it is *zero*. Only $k=1$ is spared, $\lambda_1=\frac12$. The same holds on spheres {cite:p}`bietti2019,basri2019`.

So here is a prediction that looks absurd: this network, at any width, learns $\cos2\gamma$ and $\cos4\gamma$ and never hears $\cos3\gamma$. Give it a sum of the three.
"""

# %% tags=["set-up"]
waves_at = 2 * np.pi * np.arange(64) / 64
waves_target = sum(np.cos(k * waves_at) for k in (2, 3, 4))
wave_steps = [0, 3, 10, 30, 100, 300, 1000]
rng = np.random.default_rng(18)
wave_W, wave_a = start_at_zero(2048, 2, rng)
wave_history = train(
    wave_W, wave_a, on_circle(waves_at), waves_target, 0.02, 1000, wave_steps
)


def wave_eigenvalue(k):
    """The theorem, for 64 points."""
    if k % 2:
        return 32.0 if k == 1 else 0.0
    return 64 * 2 / np.pi**2 * (k**2 + 3) / (k**2 - 1) ** 2


# what is left of each wave, (times, 3)
wave_left = np.array(
    [
        [
            (waves_target - network(*wave_history[t], on_circle(waves_at)))
            @ np.cos(k * waves_at)
            / 32
            for k in (2, 3, 4)
        ]
        for t in wave_steps
    ]
)

# %% tags=["picture"] mystnb={"image": {"alt": "What is left of three waves against the steps of training: the second wave falls first, the fourth later, both along the dashed lines of the theorem, while the third stays at one throughout."}}
fig, ax = plt.subplots(figsize=(6.8, 2.9))
t = np.geomspace(1, 1000, 200)
for i, (k, colour) in enumerate(zip((2, 3, 4), (plot.BLUE, plot.RED, plot.GREEN))):
    ax.semilogx(wave_steps[1:], wave_left[1:, i], "o", color=colour, label=f"wave {k}")
    ax.semilogx(t, (1 - 0.02 * wave_eigenvalue(k)) ** t, "--", color=colour, lw=1)
ax.set(xlabel="steps", ylabel="share left", ylim=(-0.05, 1.1))
ax.legend()
plt.show()

# %% [markdown]
r"""
Dots are the network, dashed lines the kernel's law; no theorem promises them here, for thirty of the 64 eigenvalues of $\Theta$ are zero. The third wave stays whole. The reason fits in a line: $(u)_+=\frac12u+\frac12|u|$, so without biases the network is $f(x)=\ell(x)+g(x)$, a *linear* part and an even one, and $\cos3\gamma$ is odd and not linear. A bias in each unit, that is, a second, constant input, cures it.
"""

# %% tags=["checks"]
even = 2 * np.pi * np.arange(4096) / 4096
spectrum = np.fft.rfft(tangent_limit(on_circle(even), on_circle(np.zeros(1)))[:, 0])
verify(
    "eigenvalues of the waves 0 to 12, by the discrete Fourier transform",
    64 * spectrum.real[:13] / 4096,
    [wave_eigenvalue(k) for k in range(13)],
    atol=1e-3,
)
verify(
    "shares of the waves 2 and 4 left in the network, against (1 − ηλ)ᵗ",
    wave_left[:, [0, 2]],
    [[(1 - 0.02 * wave_eigenvalue(k)) ** t for k in (2, 4)] for t in wave_steps],
    atol=0.06,
)
verify("share of wave 3 left, at all times", wave_left[:, 1], np.ones(7), atol=1e-9)
rng = np.random.default_rng(19)
few = on_circle(waves_at[::2])
target3 = np.cos(3 * waves_at[::2])
left_over = []
for inputs3 in (few, np.c_[few, np.ones(32)]):
    units = np.maximum(inputs3 @ rng.normal(size=(500, inputs3.shape[1])).T, 0)
    rest = target3 - units @ np.linalg.lstsq(units, target3, rcond=None)[0]
    left_over.append(np.mean(rest**2) / np.mean(target3**2))
verify(
    "cos 3γ by the best outer weights of 500 units, without and with biases: left over",
    left_over,
    [1.0, 0.0],
    atol=1e-6,
)

# %% [markdown]
r"""
**Try it.** Eigenvalues that fall like $1/k^2$: so the tenth wave should take 25 times as long as the second. Say first whether that is too much or too little; then how many times it is.
"""

# %% tags=["yours"]
slow_waves = ...  # a ratio of times

exercise("slow-waves").check(slow_waves)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Too little. Times are as one over eigenvalues, $\lambda_2/\lambda_{10}=\frac79\big/\frac{103}{99^2}\approx74$: the law $1/k^2$ is one of large $k$, and the second wave is learned three times as fast as it says.

```python
slow_waves = (7 / 9) / (103 / 99**2)
```

</details>
"""

# %% [markdown]
r"""
(neural-network-gaussian-process)=
## A wide network is a random function

The opening hid something: its units came in pairs that cancel, so that $f_0=0$. An ordinary start does not, and [the solution](#eq-ntk-test) carries $f_0$ to the end. A hundred people train the same wide network on the same data. How much will their results differ? Only $f_0$ is random, so ask: what kind of function is a network before it has learned anything? Watch its value at one input over many random networks (left), and a few of the functions (right), while the width grows; the activation is $\tanh$.
"""


# %% tags=["set-up"]
def random_networks(X, m, number, phi, rng, batch=2_000_000):
    """(1/√m) Σ aⱼφ(wⱼᵀx) of so many random networks on the rows of X, (number, n)."""
    out = []
    for part in np.array_split(np.arange(number), max(1, number * m // batch)):
        W = rng.normal(size=(len(part), m, X.shape[1]))
        a = rng.normal(size=(len(part), 1, m))
        out.append((a @ phi(W @ X.T))[:, 0] / np.sqrt(m))
    return np.concatenate(out)


# %% tags=["picture"]
def width_of_network(m):
    rng = np.random.default_rng(9)
    at = np.linspace(-3, 3, 121)
    lifted = np.stack([at, np.ones(121)], -1)  # a second input, 1, makes the biases
    values = random_networks(np.array([[1.0, 1.0]]), m, 2000, np.tanh, rng)[:, 0]
    curves = random_networks(lifted, m, 5, np.tanh, rng)
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8))
    t = np.linspace(-3.2, 3.2, 200)
    bins = np.linspace(-3.2, 3.2, 33)
    left.hist(values / values.std(), bins=bins, density=True, color=plot.SKY)
    left.plot(t, stats.norm.pdf(t), color=plot.RED)
    left.set(xlabel="value at one input, standardised", ylim=(0, 0.95))
    right.plot(at, curves.T, lw=1.2)
    right.set(xlabel="$x$", ylim=(-3, 3), title=f"five networks of width {m}")
    return fig


explore(
    width_of_network,
    alt="Left a histogram of outputs of random networks against the bell curve, spiked for one unit and normal for many; right five random functions, single steps at width one and wavy curves when wide",
    m=[1, 2, 4, 10, 30, 300],
)

# %% [markdown]
r"""
A spike becomes a bell. The terms $u_j=a_j\phi(w_j^\top x)$ of the sum are independent and alike, and $1/\sqrt m$ is what the central limit theorem asks for. How fast? The *excess kurtosis* $\mathbb E f^4/(\mathbb E f^2)^2-3$ is zero for a Gaussian. In $\mathbb E(\sum_ju_j)^4$ only the terms survive in which every factor is paired: $m\,\mathbb E u^4+3m(m-1)(\mathbb E u^2)^2$. Divide by $(m\,\mathbb E u^2)^2$, subtract 3, and use $\mathbb E a^4=3$:

$$
\text{excess kurtosis}=\frac1m\Bigl(\frac{\mathbb E u^4}{(\mathbb E u^2)^2}-3\Bigr)=\frac1m\Bigl(\frac{3\,\mathbb E\phi^4}{(\mathbb E\phi^2)^2}-3\Bigr).
$$ (eq-ntk-kurtosis)

(gaussian-process)=
**Functions drawn at random.** At several inputs at once, $(f(x_1),\dots,f(x_n))$ is a sum of independent random *vectors*, so in the limit these values are jointly Gaussian. Such a random function has a name.

:::{prf:definition} Gaussian process
:label: def-ntk-gp
A random function $f$ is a *Gaussian process* with mean $0$ and kernel $k$ if its values at any finitely many points are jointly Gaussian, $f(X)\sim\mathcal N(0,K)$ with $K_{ij}=k(x_i,x_j)$.
:::

:::{prf:theorem} Neal
:label: thm-ntk-neal
Let $f(x)=b+\frac{\sigma_a}{\sqrt m}\sum_ja_j\,\phi(w_j^\top x)$ with independent $b\sim\mathcal N(0,\sigma_b^2)$, $a_j$ of mean 0 and variance 1, $w_j$ all alike, and $\mathbb E\,\phi(w^\top x)^2<\infty$ for every $x$. As $m\to\infty$, $f$ becomes a Gaussian process (its values at any finitely many points converge in law) with mean 0 and the covariance of a single term {cite:p}`neal1996`,

$$
k(x,z)=\sigma_b^2+\sigma_a^2\,\mathbb E_w\bigl[\phi(w^\top x)\,\phi(w^\top z)\bigr].
$$ (eq-ntk-nngp)
:::

For [our network](#eq-ntk-network) that is $\Sigma$ of [the limit](#eq-ntk-limit): the part of the outer weights. A kernel is a covariance: similar inputs, similar outputs.

**Conditioning.** A Bayesian would not train. Observe $y=f(X)+\varepsilon$, $\varepsilon\sim\mathcal N(0,\sigma^2I)$. The pair $(y,f_*)$ with $f_*=f(x_*)$ is Gaussian with covariance

$$
\begin{pmatrix}K+\sigma^2I&k_*\\k_*^\top&k_{**}\end{pmatrix},\qquad k_*=k(X,x_*),\quad k_{**}=k(x_*,x_*).
$$

What one part of a Gaussian vector says of the other, [chapter 3](#gaussian-conditional) has derived: take away the best linear guess, and the rest is independent of what was seen. With zero means,

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


# %% tags=["checks"]
def gauss_mean(g, sd):
    """E g(z) for z ~ N(0, sd²), by Gauss-Hermite quadrature."""
    z, w = np.polynomial.hermite_e.hermegauss(80)
    return w @ g(sd * z) / np.sqrt(2 * np.pi)


rng = np.random.default_rng(10)
fourth, second = (gauss_mean(lambda z: np.tanh(z) ** k, np.sqrt(2)) for k in (4, 2))
for m in (1, 3, 8):
    values = random_networks(np.array([[1.0, 1.0]]), m, 150_000, np.tanh, rng)[:, 0]
    excess = (values / np.sqrt(second)) ** 4 - 3  # its mean is the excess kurtosis
    theory = (3 * fourth / second**2 - 3) / m
    verify_within_se(f"tanh, width {m}: excess kurtosis", excess, theory)
four = np.random.default_rng(11).normal(size=(4, 3)) + 1
values = np.sqrt(2) * random_networks(
    four, 300, 4000, lambda z: np.maximum(z, 0), np.random.default_rng(12)
)
pairs = [
    values[:, i] * values[:, j] / Sigma(four, four)[i, j] - 1
    for i in range(4)
    for j in range(i + 1)
]
verify_within_se(
    "4,000 ReLU networks of width 300 on four inputs: mean of f(x)f(z)/Σ(x, z) − 1",
    np.mean(pairs, axis=0),
    0.0,
)
judge = GaussianProcessRegressor(kernels.RBF(0.8, "fixed"), alpha=0.09, optimizer=None)
length_08 = lambda X, Z: rbf(X, Z, 0.8)
mean, cov = posterior(length_08, x_noisy, y_noisy, line, 0.3)
their_mean, their_cov = judge.fit(x_noisy, y_noisy).predict(line, return_cov=True)
verify("posterior mean: scikit-learn's", mean, their_mean, atol=1e-6)
verify("posterior covariance: scikit-learn's", cov, their_cov, atol=1e-6)
rng, inside = np.random.default_rng(5), []
for trial in range(1000):
    x = rng.uniform(-3, 3, (11, 1))
    lam, Q = np.linalg.eigh(length_08(x, x))
    truth = Q @ (np.sqrt(np.maximum(lam, 0)) * rng.normal(size=11))
    seen = truth[:10] + 0.3 * rng.normal(size=10)
    mean, var = posterior(length_08, x[:10], seen, x[10:], 0.3)
    inside.append(abs(truth[10] - mean[0]) < stats.norm.ppf(0.975) * np.sqrt(var[0, 0]))
verify_within_se(
    "1,000 functions drawn from the process, ten noisy looks each: share inside the "
    "95 % band",
    np.array(inside, dtype=float),
    0.95,
)

# %% [markdown]
r"""
Drag the observations, add some, change the length scale, the noise and the kernel. The band is $\mu_*\pm1.96\,\sigma_*$. The thin lines are three functions of the prior, each corrected at the observations by $k_*^\top(K+\sigma^2I)^{-1}(y-f(X)-\varepsilon)$, which makes it a draw from the posterior. With the kernel of a wide network, $\Sigma$ on the inputs $(x/\ell,1)$, the three are real ReLU networks of three hundred units. The number below is the log probability that the process gives to the observations; the length that makes it largest is often a good one.
"""

# %% tags=["set-up"]
rng = np.random.default_rng(23)
UNITS, WAVES, LOOKS = 300, 200, 12
process_data = {
    "grid": np.linspace(-3, 3, 61).round(3).tolist(),
    "frequency": rng.normal(size=(3, WAVES)).round(4).tolist(),
    "phase": rng.uniform(0, 2 * np.pi, (3, WAVES)).round(4).tolist(),
    "units": rng.normal(size=(3, 3, UNITS)).round(3).tolist(),  # slopes, biases, outer
    "noise": rng.normal(size=(3, LOOKS)).round(4).tolist(),
}


def prior_draws(x, kernel, length):
    """Three functions of the prior at x (k,): (3, k)."""
    x, d = np.asarray(x)[:, None] / length, process_data
    if kernel == "bell":
        turns = zip(np.array(d["frequency"]), np.array(d["phase"]))
        return np.array(
            [np.sqrt(2 / WAVES) * np.cos(x * w + b).sum(1) for w, b in turns]
        )
    return np.array(
        [
            np.sqrt(2 / UNITS) * np.maximum(x * w + b, 0) @ a
            for w, b, a in np.array(d["units"])
        ]
    )


def process(state):
    """Mean, standard deviation, three draws on the grid, and the log probability."""
    length, sigma = state["length"], state["noise"]
    lift = lambda x: np.stack([x[:, 0] / length, np.ones(len(x))], -1)
    net = lambda A, B: Sigma(lift(A), lift(B))
    k = net if state["kernel"] == "network" else lambda A, B: rbf(A, B, length)
    at, looks = np.array(process_data["grid"])[:, None], np.array(state["looks"])
    x, seen, n = looks[:, :1], looks[:, 1], len(looks)
    mean, cov = posterior(k, x, seen, at, sigma)
    A = k(x, x) + sigma**2 * np.eye(n)
    eps = sigma * np.array(process_data["noise"])[:, :n]
    free = prior_draws(at[:, 0], state["kernel"], length)
    miss = seen - prior_draws(x[:, 0], state["kernel"], length) - eps
    drawn = free + miss @ np.linalg.solve(A, k(x, at))
    evidence = stats.multivariate_normal(np.zeros(n), A).logpdf(seen)
    sd = np.sqrt(np.maximum(np.diag(cov), 0))
    return [mean.tolist(), sd.tolist(), drawn.tolist(), float(evidence)]


def random_looks(rng):
    n = int(rng.integers(1, 9))
    return {
        "looks": np.stack(
            [rng.uniform(-3, 3, n).round(2), rng.normal(size=n).round(2)], -1
        ).tolist(),
        "length": round(float(rng.uniform(0.3, 2.5)), 2),
        "noise": round(float(rng.uniform(0.1, 0.6)), 2),
        "kernel": str(rng.choice(["bell", "network"])),
    }


# %% tags=["picture"]
first_looks = {
    "looks": [[-2.2, 0.9], [-1.0, -0.6], [0.1, 0.4], [0.6, 1.1]],
    "length": 0.8,
    "noise": 0.1,
    "kernel": "bell",
}
mean, sd, drawn, _ = process(first_looks)
still, ax = plt.subplots(figsize=(6.8, 3.1))
at = process_data["grid"]
low, high = (np.array(mean) + z * np.array(sd) for z in (-1.96, 1.96))
ax.fill_between(at, low, high, color=plot.SKY, alpha=0.35)
ax.plot(at, np.transpose(drawn), color=plot.BLUE, lw=0.9)
ax.plot(at, mean, color=plot.RED)
ax.plot(*np.transpose(first_looks["looks"]), "o", color="black", ms=5)
ax.set(xlabel="$x$", ylim=(-3, 3))
rng = np.random.default_rng(24)
live(
    "process",
    process_data | {"state": first_looks},
    alt="A curve with its band of uncertainty through four observations that can be dragged: pinched at each of them, wide between; three random functions inside the band",
    states=[random_looks(rng) for _ in range(20)],
    truth=process,
    still=still,
)

# %% [markdown]
r"""
(ensemble-of-networks)=
**How much does a crowd disagree?** Now the question of this section. [The end of training](#eq-ntk-test) is $f_0(x)-B f_0(X)+By$ with $B=\Theta(x,X)\,\Theta(X,X)^{-1}$, and $f_0$ is a Gaussian process with kernel $\Sigma$. So a crowd of wide networks is Gaussian, too, with mean $By$ and the variance of $f_0(x)-Bf_0(X)$. Is that the Bayesian's posterior? He has $\Sigma$ where gradient descent has $\Theta$. Three observations on the circle, five hundred networks of width 2048 trained on them:
"""

# %% tags=["set-up"]
three_angles = np.array([-2.0, 0.3, 1.4])
three_X, three_y = on_circle(three_angles), np.array([1.0, -0.5, 0.8])
rng = np.random.default_rng(25)
crowd = []
examples = three_X.astype(np.float32), three_y.astype(np.float32)
for _ in range(500):
    W, a = (rng.standard_normal(k, dtype=np.float32) for k in ((2048, 2), 2048))
    trained = train(W, a, *examples, 0.5, 15, [15])[15]  # λ from 1.1 to 2.9
    crowd.append(network(*trained, G[::6].astype(np.float32)))
crowd = np.array(crowd)  # (networks, angles)
B = tangent_limit(G[::6], three_X) @ np.linalg.inv(tangent_limit(three_X, three_X))
shared = B @ Sigma(three_X, G[::6])
crowd_cov = Sigma(G[::6], G[::6]) - shared - shared.T
crowd_cov = crowd_cov + B @ Sigma(three_X, three_X) @ B.T
crowd_variance = np.diag(crowd_cov)
bayes_cov = posterior(Sigma, three_X, three_y, G[::6], 1e-6)[1]
ten = np.ix_(range(0, 60, 6), range(0, 60, 6))  # ten places on the circle
jitter = 1e-4 * np.eye(10)
along_v = linalg.eigh(crowd_cov[ten], bayes_cov[ten] + jitter)[1][:, -1]
variance_along = {  # of the combination in which formula and Bayes differ most
    "formula": along_v @ crowd_cov[ten] @ along_v,
    "Bayes": along_v @ bayes_cov[ten] @ along_v,
    "networks": (crowd[:, :60:6] @ along_v).var(ddof=1),
}
print("variance of one combination of ten outputs")
for name, value in variance_along.items():
    more = f" ± {value * np.sqrt(2 / 499):.2f}" if name == "networks" else ""
    print(f"{name:9} {value:.2f}{more}")
known = crowd_variance > 1e-3  # away from the observations
place_ratio = np.sqrt(crowd_variance[known] / np.diag(bayes_cov)[known])
print(
    "standard deviation at one place, formula over Bayes: "
    f"from {place_ratio.min():.2f} to {place_ratio.max():.2f}"
)

# %% tags=["picture"] mystnb={"image": {"alt": "Standard deviation over the circle after three observations: five hundred trained networks on the curve of the formula, zero at the observations, and the Bayesian posterior of the same prior close by, a little below it."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0))
left.plot(grid[::6], crowd[:40].T, color=plot.SKY, lw=0.5)
left.plot(grid[::6], B @ three_y, color=plot.RED)
left.plot(three_angles, three_y, "o", color="black")
left.set(xlabel="angle of the input", title="forty of the networks")
right.plot(grid[::6], crowd.std(0), ".", color=plot.BLUE, label="networks")
right.plot(grid[::6], np.sqrt(crowd_variance), color=plot.RED, label="formula")
right.plot(
    grid[::6],
    np.sqrt(np.maximum(np.diag(bayes_cov), 0)),
    "--",
    color=plot.GREY,
    label="Bayes, Σ",
)
right.set(xlabel="angle of the input", title="standard deviation")
right.legend()
plt.show()

# %% [markdown]
r"""
Place by place the curves differ by one to thirteen per cent, and from five hundred networks a standard deviation is known to three: a weak test at most places. So ask them about the combination of ten outputs whose variance the *formula* puts highest above Bayes's. There Bayes is refuted: gradient descent weighs the observations by $\Theta$, Bayes by $\Sigma$. An ensemble of trained networks is in general not a sample from the posterior of the prior that it started from. If nothing but the outer weights is trained, the tangent kernel is $\Sigma$ itself, and without noise both agree.
"""

# %% tags=["checks"]
far = crowd_variance > 0.02
verify_at_most(
    "formula over Bayes at one place, above 1: over four standard errors of 500 networks",
    (place_ratio.max() - 1) / (4 / np.sqrt(2 * 499)),
    2.0,
)
ratio = crowd.var(0)[far] / crowd_variance[far]
verify(
    "variance of 500 networks over the formula's, where it is not small: mean over the "
    "circle",
    ratio.mean(),
    1.0,
    atol=4 * np.sqrt(2 / 499),
)
verify(
    "the combination in which formula and Bayes differ most: variance of the networks "
    "over the formula's",
    variance_along["networks"] / variance_along["formula"],
    1.0,
    atol=4 * np.sqrt(2 / 499),
)
verify_at_least(
    "and over Bayes's, against four standard errors above 1",
    variance_along["networks"] / variance_along["Bayes"],
    1 + 4 * np.sqrt(2 / 499),
)
rng = np.random.default_rng(26)
outer = []
for _ in range(300):  # outer weights alone, trained to the end: least squares from a₀
    W, a = rng.normal(size=(512, 2)), rng.normal(size=512)
    H = np.sqrt(2 / 512) * np.maximum(np.r_[three_X, G[::6]] @ W.T, 0)
    outer.append(H[3:] @ (a + np.linalg.pinv(H[:3]) @ (three_y - H[:3] @ a)))
wide_enough = np.diag(bayes_cov) > 0.02
ratio = np.var(outer, axis=0)[wide_enough] / np.diag(bayes_cov)[wide_enough]
verify(
    "300 networks of which only the outer weights are trained: variance over Bayes's",
    ratio.mean(),
    1.0,
    atol=4 * np.sqrt(2 / 300),
)

# %% [markdown]
r"""
**Try it.** A Gaussian process with kernel $e^{-(x-z)^2/2}$ is observed once: $y=2$ at $x=0$, noise variance $\frac14$. Give mean and variance of $f(1)$.
"""

# %% tags=["yours"]
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
"""

# %% [markdown]
r"""
(deep-nngp-recursion)=
## Deeper

Two inputs at a right angle enter a network of many layers. How alike do they come out before anything is learned, and what becomes of the formula in the envelope? Both kernels climb from layer to layer.

**The covariance.** *Given* a layer, the pre-activations of the units above are independent Gaussians with the covariance that this layer happens to have; and a wide layer has, by the law of large numbers, nearly the covariance [of the theorem](#eq-ntk-nngp). So the step repeats {cite:p}`lee2018`. With general scales of weights and biases,

$$
\Sigma_l(x,z)=\sigma_b^2+\sigma_w^2\,\mathbb E\bigl[\phi(u)\,\phi(v)\bigr],\qquad(u,v)\sim\mathcal N\!\left(0,\begin{pmatrix}\Sigma_{l-1}(x,x)&\Sigma_{l-1}(x,z)\\\Sigma_{l-1}(x,z)&\Sigma_{l-1}(z,z)\end{pmatrix}\right).
$$ (eq-ntk-recursion)

For the rectifier $\mathbb E\phi(u)^2=\frac12\Sigma(x,x)$, so $\sigma_w^2=2$, $\sigma_b=0$ keeps the diagonal at 1: this is the factor $\sqrt{2/m}$ of [our network](#eq-ntk-network) and [He's initialisation](#initialization-heuristics). What changes is the correlation $c=\cos\vartheta$, by [the integral](#eq-ntk-arccos):

$$
c_l=\frac{\sin\vartheta_{l-1}+(\pi-\vartheta_{l-1})\cos\vartheta_{l-1}}\pi .
$$ (eq-ntk-map)

Start at a right angle, $c_0=0$: one layer gives $c_1=\frac1\pi\approx0.32$, the next $0.49$, then $0.60$. Depth makes everything alike.
"""


# %%
def correlation_map(c):
    angle = np.arccos(np.clip(c, -1, 1))
    return (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi


# %% tags=["picture"]
def deep_kernel(depth):
    theta = np.linspace(-np.pi, np.pi, 201)
    c, cov = np.cos(theta), np.cos(theta[:, None] - theta)
    for _ in range(depth):
        c, cov = correlation_map(c), correlation_map(cov)
    lam, Q = np.linalg.eigh(cov)
    white = np.random.default_rng(13).normal(size=(4, 201))
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8))
    left.plot(theta, c, color=plot.RED)
    left.set(
        xlabel="angle between the inputs",
        ylabel="correlation of the outputs",
        ylim=(-1.05, 1.05),
        title=f"hidden layers: {depth}",
    )
    right.plot(theta, Q * np.sqrt(np.maximum(lam, 0)) @ white.T, lw=1.2)
    right.set(xlabel="angle of the input", ylim=(-3, 3), title="four random functions")
    return fig


explore(
    deep_kernel,
    alt="Left correlation against angle, a cosine without hidden layers, flatter and closer to one with depth; right random functions on the circle that turn into constants with a dip",
    depth=[1, 0, 2, 3, 8, 30, 100],
)

# %% [markdown]
r"""
**The tangent kernel.** Go through [the layers' formula](#eq-ntk-layers) once more. The factors $H^lH^{l\top}$ tend to $\Sigma_l$. For the factors $\Delta^l\Delta^{l\top}$ take one step back: the errors of layer $l$ are $\delta_j=\sqrt{2/m}\;\mathbb 1[u_j>0]\,(W^\top\delta^+)_j$, where $W$ and $\delta^+$ are the weights and errors of the layer above. For two examples, the second with primes,

$$
\delta^\top\delta'=\frac2m\sum_j\mathbb 1[u_j>0]\,\mathbb 1[u'_j>0]\;(W^\top\delta^+)_j\,(W^\top\delta'^+)_j .
$$ (eq-ntk-back)

If $W$ on the way back were a *fresh* copy, all would be easy: given $\delta^+$, $\delta'^+$ the last two factors would be Gaussians of covariance $\delta^{+\top}\delta'^+$, independent of the switches, and the mean over $j$ would be the product of means,

$$
\delta^\top\delta'\;\to\;\dot\Sigma\;\delta^{+\top}\delta'^+,\qquad\dot\Sigma=2\,\mathbb P(\text{both on})=\frac{\pi-\vartheta}\pi .
$$ (eq-ntk-switch)

But it is the same $W$ that went forwards, and $\delta^+$ contains switches that depend on it. This *gradient independence* is the one hard step of the theory. Why it is allowed: forwards, $W$ is seen only through $Wh$ and $Wh'$. Given these two vectors, the rest of the Gaussian matrix, on the $m-2$ directions at right angles to $h$ and $h'$, *is* a fresh copy. The part that is known adds to $(W^\top\delta^+)_j$ a multiple of $h_j=O(m^{-1/2})$, with a factor like $(Wh)^\top\delta^+$, which is an output and of size 1; beside the fresh part, of size 1, it vanishes. Yang turns this into a proof for every architecture, if the last layer is drawn afresh with mean zero {cite:p}`yang2020`.

So every layer on the way back multiplies by its $\dot\Sigma$. Collect the terms from the bottom: let $\Theta_l$ be the kernel of a network that ends with layer $l$. One more layer adds the new outer weights' own part, $\Sigma_{l+1}$, and multiplies all that is below by the switches {cite:p}`jacot2018`:

$$
\Theta_0=\Sigma_0=x^\top z,\qquad\Theta_{l+1}=\Sigma_{l+1}+\Theta_l\,\dot\Sigma_{l+1}.
$$ (eq-ntk-theta)

With one hidden layer this is [the formula in the envelope](#eq-ntk-limit).
"""


# %%
def deep_limits(X, Z, hidden):
    """Σ and Θ after `hidden` ReLU layers, for unit vectors: two (n, n') matrices."""
    Sigma_l = Theta = X @ Z.T
    for _ in range(hidden):
        angle = np.arccos(np.clip(Sigma_l, -1, 1))
        Sigma_l = correlation_map(Sigma_l)
        Theta = Sigma_l + Theta * (np.pi - angle) / np.pi
    return Sigma_l, Theta


# %% [markdown]
r"""
(headline-ntk)=
**The headline.** Networks with two hidden layers of equal width, from 64 to 4096 (17 million weights in the last), ten digits: the root mean square distance of the kernel from $\Theta$, over 160 random networks of the smallest width and ten of the largest, each width weighted accordingly. As a control, the same with a fresh copy of the weights on the way back: if the argument is right, it must have the same limit.
"""


# %% tags=["set-up"]
def kernel_with_fresh_copy(weights, X, rng):
    """Two hidden layers, the way back through a fresh copy of W²."""
    W1, W2, a = weights
    scale = np.sqrt(2 / len(a), dtype=X.dtype)
    Z1 = X @ W1.T
    H1 = scale * np.maximum(Z1, 0)
    Z2 = H1 @ W2.T
    H2, back = scale * np.maximum(Z2, 0), scale * (Z2 > 0) * a
    copy = rng.standard_normal(W2.shape, dtype=X.dtype)
    below = (back @ copy) * scale * (Z1 > 0)
    return H2 @ H2.T + (back @ back.T) * (H1 @ H1.T) + (below @ below.T) * (X @ X.T)


ten = unit[:10].astype(np.float32)
ten_limit = deep_limits(unit[:10], unit[:10], 2)[1]
deep_widths = [64, 256, 1024, 4096]
deep_errors = {"same": [], "fresh": []}
for m, number in zip(deep_widths, [160, 100, 50, 10]):
    same, fresh = [], []
    for seed in range(number):
        rng = np.random.default_rng([m, seed])
        generator = torch.Generator().manual_seed(1000 * m + seed)
        shapes = (m, 64), (m, m), (m,)
        weights = [torch.randn(k, generator=generator).numpy() for k in shapes]
        same.append(tangent_kernel(weights, ten) - ten_limit)
        if m <= 1024 and seed < 20:
            fresh.append(kernel_with_fresh_copy(weights, ten, rng) - ten_limit)
    deep_errors["same"].append(np.array(same))
    deep_errors["fresh"].append(np.array(fresh))
rms = lambda errors: np.sqrt(np.mean(np.square(errors)))


def falls_like(samples):
    """The exponent r of width^(−r) in a fit to the root mean square distances."""
    distances, weight = zip(*((rms(e), np.sqrt(len(e))) for e in samples))
    return -np.polyfit(np.log(deep_widths), np.log(distances), 1, w=weight)[0]


to_limit = [rms(errors) for errors in deep_errors["same"]]
rate, rng = falls_like(deep_errors["same"]), np.random.default_rng(29)
rate_se = np.std(
    [  # networks drawn again from those we have
        falls_like([e[rng.integers(len(e), size=len(e))] for e in deep_errors["same"]])
        for _ in range(200)
    ]
)
print(f"exponent {rate:.3f} ± {rate_se:.3f}")
headline(
    "Kernel of a two-hidden-layer network, widths 64 to 4,096: distance to the "
    "analytic kernel falls as width^(−r), exponent r against theory's 1/2",
    rate,
    0.5,
    rtol=4 * rate_se / 0.5,
)

# %% tags=["picture"] mystnb={"image": {"alt": "Distance between a network's kernel and the analytic kernel against width, double logarithmic: four dots along a line of slope minus one half from 64 to 4096, the last, of few networks, a little below it, and crosses for the fresh copy beside them."}}
fig, ax = plt.subplots(figsize=(6.8, 2.8))
counts = [len(errors) for errors in deep_errors["same"]]
level = np.exp(np.average(np.log(to_limit * np.sqrt(deep_widths)), weights=counts))
ax.loglog(
    deep_widths, level / np.sqrt(deep_widths), color=plot.GREY, label="slope −1/2"
)
squares = [np.mean(errors**2, axis=(1, 2)) for errors in deep_errors["same"]]
bar = [q.std() / np.sqrt(len(q)) / (2 * np.sqrt(q.mean())) for q in squares]
ax.errorbar(deep_widths, to_limit, bar, fmt="o", color=plot.RED, label="network ± s.e.")
fresh_rms = [rms(errors) for errors in deep_errors["fresh"][:3]]
ax.loglog(deep_widths[:3], fresh_rms, "x", color=plot.BLUE, label="fresh copy back")
ax.set(xlabel="width", ylabel="distance to $\\Theta$")
ax.legend()
plt.show()

# %% tags=["checks"]
verify(
    "one hidden layer: the recursion gives the formula in the envelope",
    deep_limits(G[::36], G[::36], 1)[1],
    tangent_limit(G[::36], G[::36]),
    atol=1e-7,
)
verify(
    "Θ, two hidden layers: share of 200 digits whose nearest is of their class, pixels",
    same_class(deep_limits(unit[:200], unit[:200], 2)[1]),
    same_class(cosines),
    atol=1e-12,
)
means = [
    errors.mean((1, 2)) * np.sqrt(m)
    for m, errors in zip(deep_widths, deep_errors["same"])
]
verify_within_se(
    "widths 1,024 and up: mean of (K − Θ)√m over the networks",
    np.concatenate(means[2:]),
    0.0,
)
verify_within_se(
    "with a fresh copy on the way back, width 1,024: mean of (K − Θ)√m",
    deep_errors["fresh"][2].mean((1, 2)) * 32,
    0.0,
)
rng = np.random.default_rng(12)
correlations = []
for net in range(200):  # given a layer, the pre-activations above are Gaussian
    H = np.sqrt(2 / 2000) * np.maximum(
        on_circle([0.0, 2.0]) @ rng.normal(size=(2, 2000)), 0
    )
    row = []
    for layer in range(5):
        C = H @ H.T
        row.append(C[0, 1] / np.sqrt(C[0, 0] * C[1, 1]))
        Z = np.linalg.cholesky(C) @ rng.normal(size=(2, 2000))
        H = np.sqrt(2 / 2000) * np.maximum(Z, 0)
    correlations.append(row)
chain = [np.cos(2.0)]
for layer in range(5):
    chain.append(correlation_map(chain[-1]))
verify(
    "200 networks of width 2,000: correlation of two inputs after layers 1 to 5",
    np.mean(correlations, axis=0),
    chain[1:],
    atol=4 * np.max(np.std(correlations, axis=0)) / np.sqrt(200),
)

# %% [markdown]
r"""
The fresh copy lands at the same limit: that the weights are used twice leaves no trace at large width.

**Try it.** What would $\Theta$ be for one hidden layer if the inner weights were frozen and only the outer ones trained?
"""

# %% tags=["yours"]
outer_only = ...  # a function of X (n, d), unit vectors, that returns (n, n)

exercise("outer-only").check(outer_only)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The first part of [the limit](#eq-ntk-limit), the covariance of the untrained network.

```python
outer_only = lambda X: Sigma(X, X)
```

</details>
"""

# %% [markdown]
r"""
(feature-learning)=
## Where the picture ends

A network that this theory describes is a kernel machine whose kernel was fixed before it saw any data. It learns no features. Is that what networks do? That depends on a factor that looks innocent. Write

$$
f(x)=\frac{\sqrt2}m\sum_{j=1}^ma_j(w_j^\top x)_+
$$ (eq-ntk-meanfield)

with $\frac1m$ in place of $\frac1{\sqrt m}$, and learning rates larger by $m$, so that $f$ still moves at speed 1. Now $m$ units have to move $\frac1m\sum_j$ by an amount of order 1, so each moves by an amount of order 1, however many there are: the *mean-field* scaling {cite:p}`mei2018,chizat2019`.

Take inputs of thirty signs, and let the label be the product of the first two. No single coordinate says anything, and 28 of them are noise. A kernel that sees only angles treats all 435 pairs of coordinates alike, and 300 examples cannot fix 435 unknowns: averaged over the pairs that could make the label, at least $1-\frac{300}{435}=0.31$ is left. The best such kernel, $(x^\top z)^2$, comes to that; $\Theta$ spends itself on other degrees, too. A network that can *move* its units has to find two directions. Both scalings, three widths, three draws of the data, a dozen starts for the smallest; same speed, 300 steps for the lazy ones and a hundred for the others. Beside them both kernels and, as a control, each lazy network *straightened* at its start.
"""


# %% tags=["set-up"]
def signs(n, rng):
    X = rng.choice([-1.0, 1.0], (n, 30))
    return X / np.sqrt(30), X[:, 0] * X[:, 1]


def descended(K, label, steps):
    """New outputs after so many steps of 0.01; the first rows of K are the examples'."""
    own, alpha = K[: len(label)], np.zeros(len(label))
    if steps == np.inf:
        alpha = np.linalg.solve(own, label)
    else:
        for _ in range(steps):
            alpha += 0.01 * (label - own @ alpha)
    return K[len(label) :] @ alpha


sign_widths, sign_rows, sign_units = (64, 256, 1024), [], {}
kernel_risk, kernel_end, pair_end = [], [], []
for seed in range(3):
    rng = np.random.default_rng(seed)
    (S, label), (S_new, label_new) = signs(300, rng), signs(1000, rng)
    both = np.r_[S, S_new]
    theta, pairs = tangent_limit(both, S), (both @ S.T) ** 2
    for K, steps, risks in (
        (theta, 300, kernel_risk),
        (theta, np.inf, kernel_end),
        (pairs, np.inf, pair_end),
    ):
        risks.append(np.mean((descended(K, label, steps) - label_new) ** 2))
    for m, starts in zip(sign_widths, (4, 2, 1)):  # starts for each draw of the data
        lazy, moving = range(starts), range(starts if m == 64 else 1)
        for start, power in [(k, 0.5) for k in lazy] + [(k, 1.0) for k in moving]:
            W0, a0 = start_at_zero(m, 30, np.random.default_rng([seed, m, start]))
            scale, eta = math.sqrt(2) * m**-power, 0.01 * m ** (2 * power - 1)
            steps = 100 if power == 1 else 300
            single = [v.astype(np.float32) for v in (W0, a0, S, label)]
            kept = train(*single, eta, steps, (30, steps), scale)
            errors = {
                t: [
                    np.mean((scale * np.maximum(A @ W1.T, 0) @ a1 - b) ** 2)
                    for A, b in ((S, label), (S_new, label_new))
                ]
                for t, (W1, a1) in kept.items()
            }
            line_risk = np.nan
            if power == 0.5:
                straight_K = tangent_kernel_of(W0, a0, both, S)
                line_risk = np.mean(
                    (descended(straight_K, label, 300) - label_new) ** 2
                )
            row = (seed, m, power, *errors[steps], line_risk, errors[30][0])
            sign_rows.append(row)
            sign_units[m, power] = W0, kept[steps][0]
sign_table = np.array(sign_rows)
kernel_risk, kernel_end, pair_end = map(np.array, (kernel_risk, kernel_end, pair_end))


def sign_errors(m, power):
    """(starts, 4): training and test error, the straightened network's, and after 30."""
    chosen = (sign_table[:, 1] == m) & (sign_table[:, 2] == power)
    return sign_table[chosen, 3:]


# %% tags=["picture"] mystnb={"image": {"alt": "Test error against width. Lazy networks: at width 64 a dozen dots spread from a fifth to nearly three fifths, at 256 and 1,024 closer together around a half and near the dashed lines of the tangent kernel; a third dashed line, of the squared inner product, at a third; straightened networks: crosses high above, coming down to the kernel with the width; moving networks: dots close to zero at every width."}}
fig, ax = plt.subplots(figsize=(6.8, 3.2))
for power, column, shift, style, colour, name in (
    (0.5, 2, 1.12, "x", plot.GREY, "straightened"),
    (0.5, 1, 1.0, "o", plot.BLUE, "scale $\\sqrt{2/m}$"),
    (1.0, 1, 1.0, "o", plot.RED, "scale $\\sqrt{2}/m$"),
):
    for m in sign_widths:
        values = sign_errors(m, power)[:, column]
        ax.plot(
            [m * shift] * len(values),
            values,
            style,
            color=colour,
            alpha=0.6,
            label=name,
        )
        name = None
for risk, words, where in (
    (kernel_risk, "$\\Theta$, 300 steps", "bottom"),
    (kernel_end, "$\\Theta$, to its end", "top"),
    (pair_end, "$(x^\\top z)^2$", "bottom"),
):
    ax.axhline(risk.mean(), color="black", ls="--", lw=1)
    ax.text(1450, risk.mean(), words, fontsize=8, va=where)
ax.set(xscale="log", xlim=(50, 3600), ylim=(0, 1.35), xlabel="width")
ax.set_ylabel("test error (predicting zero: 1)")
ax.set_xticks(sign_widths, sign_widths)
ax.minorticks_off()
ax.legend(fontsize=8, ncols=3, loc="upper right")
plt.show()

# %% [markdown]
r"""
With the scale $1/m$ the networks find the rule, at every width and from each of these starts, though an unlucky small one had after thirty steps not even fitted the data. With $1/\sqrt m$ they fit the training data too, and the *small* ones do better: at 64 units, far from their limit, they have to move their units a good deal. How much they find is luck: from one draw and start 0.22 is left, from another 0.58, on average 0.35, no better than $(x^\top z)^2$, which moves nothing. As the width grows the average rises to that of $\Theta$ after the same 300 steps. The control says where the small ones have it from: straightened, they are *worse* than $\Theta$, by half on average. So at the scale $1/\sqrt m$ width costs features; at $1/m$ it costs none.

Where did the units go? Each dot is a unit, at its weights for the two coordinates that matter.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Three scatter plots of the units' weights for the two relevant coordinates, width 1024: a round cloud at the start, almost the same cloud after training with the square-root scaling, and under the other scaling a cross of four long arms along the diagonals."}}
fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.6), sharex=True, sharey=True)
clouds = (sign_units[1024, 0.5][0], sign_units[1024, 0.5][1], sign_units[1024, 1.0][1])
names = ("start", "scale $\\sqrt{2/m}$", "scale $\\sqrt{2}/m$")
for ax, units, name in zip(axes, clouds, names):
    ax.plot(units[:, 0], units[:, 1], ".", ms=2.5, color=plot.BLUE)
    ax.set(title=name, xlabel="$w_1$", aspect="equal")
axes[0].set_ylabel("$w_2$")
plt.show()

# %% [markdown]
r"""
With one scaling they stay in the cloud in which they were born. With the other they walk out along the diagonals, to where the product of two signs is made. That is a learned feature. The width decides *how random* the kernel is, the *scale* decides whether it moves. Networks in practice are somewhere between; how far from lazy, the change of their kernel says.
"""

# %% tags=["checks"]
moving_risk = [sign_errors(m, 1.0)[:, 1] for m in sign_widths]
verify_at_most(
    "scale 1/m, a hundred steps: test error at three widths, the worst start and draw",
    [v.max() for v in moving_risk],
    0.1,
)
verify_at_least(
    "width 64, thirty steps: training error of the unluckiest of the dozen",
    sign_errors(64, 1.0)[:, 3].max(),
    0.1,
)
lazy_risk = [sign_errors(m, 0.5)[:, 1] for m in sign_widths]
sem = lambda v: v.std(ddof=1) / math.sqrt(len(v))
verify_at_least(
    "scale 1/√m: mean test error at widths 256 and 1,024 minus that of the dozen starts "
    "at width 64, in standard errors",
    [
        (v.mean() - lazy_risk[0].mean()) / math.hypot(sem(v), sem(lazy_risk[0]))
        for v in lazy_risk[1:]
    ],
    3.0,
)
verify_at_least(
    "the dozen starts: largest test error over smallest",
    lazy_risk[0].max() / lazy_risk[0].min(),
    2.0,
)
verify_at_most(
    "training error of every network",
    [sign_errors(m, power)[:, 0].max() for m in sign_widths for power in (0.5, 1.0)],
    0.03,
)
verify_at_least(
    "width 64: test error of the straightened network over that of the network",
    sign_errors(64, 0.5)[:, 2] / lazy_risk[0],
    1.5,
)
verify_at_least(
    "straightened at width 64: mean test error over that of Θ after 300 steps, and over "
    "that at width 1,024",
    sign_errors(64, 0.5)[:, 2].mean()
    / np.array([kernel_risk.mean(), sign_errors(1024, 0.5)[:, 2].mean()]),
    1.2,
)
verify_at_most(
    "width 1,024: distance of the mean lazy error from the kernel's after 300 steps, "
    "over that of width 64",
    abs(lazy_risk[2].mean() - kernel_risk.mean())
    / abs(lazy_risk[0].mean() - kernel_risk.mean()),
    0.5,
)
verify_at_least(
    "width 64: mean test error of the dozen starts, over that of (xᵀz)²",
    lazy_risk[0].mean() / pair_end.mean(),
    1.0,
)
S = signs(1300, np.random.default_rng(3))[0]
i, j = np.triu_indices(30, 1)
labels = 30 * S[:, i] * S[:, j]  # of all 435 pairs
K = (S @ S[:300].T) ** 2 - 1 / 30  # without the constant, the 436th function
said = K[300:] @ np.linalg.solve(K[:300], labels[:300])
verify(
    "(xᵀz)² from 300 examples: test error, mean over all pairs that could be the label",
    np.mean((said - labels[300:]) ** 2),
    1 - 300 / math.comb(30, 2),
    rtol=0.02,
)
verify_at_least("Θ at its end over (xᵀz)², in each draw", kernel_end / pair_end, 1.0)
verify_at_least(
    "(xᵀz)² over the network that moves, in each draw", pair_end / moving_risk[2], 2.0
)
on_two = lambda W: np.sum(W[:, :2] ** 2) / np.sum(W**2)
verify(
    "share of the squared weights on the two coordinates: start, and after training "
    "with scale 1/√m",
    [on_two(sign_units[1024, 0.5][0]), on_two(sign_units[1024, 0.5][1])],
    [2 / 30, 2 / 30],
    atol=0.03,
)
verify_at_least(
    "after training with scale 1/m", on_two(sign_units[1024, 1.0][1]), 3 * 2 / 30
)
kernel_moves = []
for m in (256, 4096):
    W0, a0 = start_at_zero(m, 3, np.random.default_rng(m))
    scale = np.sqrt(2) / m
    trained = train(W0, a0, sphere, sphere_y, 0.2 * m, 150, [150], scale)[150]
    relu_slope = KINDS["ReLU"][:2]
    K0, K1 = (
        general_kernel(*w, sphere, *relu_slope, scale) for w in ((W0, a0), trained)
    )
    kernel_moves.append(np.linalg.norm(K1 - K0) / np.linalg.norm(K0))
verify_at_least(
    "scale 1/m: relative change of the kernel in training, widths 256 and 4,096",
    kernel_moves,
    0.5,
)

# %% [markdown]
r"""
(ntk-practice)=
## In practice

A kernel goes into scikit-learn as a matrix, with `kernel="precomputed"`; for a network of one's own `torch.func` gives the Jacobian of all examples at once. All 1400 digits, one number for each class, the ridge and each kernel's own setting chosen on the second half of the training digits after fitting the first: how good is $\Theta$?
"""


# %%
def hits(kernel, ridges, X, y, X_new, y_new):
    """For each ridge: which new digits ten regressions, one a class, get right."""
    K, K_new = kernel(X, X), kernel(X_new, X)  # (n, n), (new, n)
    right = []
    for ridge in ridges:
        model = KernelRidge(alpha=ridge, kernel="precomputed").fit(K, np.eye(10)[y])
        right.append(model.predict(K_new).argmax(1) == y_new)
    return np.array(right)


# %%
def torch_kernel(weights, X):
    """The tangent kernel by torch.func: the Jacobian, then its inner products."""
    theta = [torch.tensor(W) for W in weights]
    one = torch.func.vmap(torch.func.jacrev(forward), (None, 0))
    return sum(J.flatten(1) @ J.flatten(1).T for J in one(theta, torch.tensor(X)))


# %% tags=["set-up"]
SETTINGS = {  # name: kernels and ridges, of which the best pair is chosen
    "tangent kernel Θ, 1 to 3 layers": (
        [lambda A, B, h=h: deep_limits(A, B, h)[1] for h in (1, 2, 3)],
        (1e-4, 1e-2),
    ),
    "covariance Σ, 1 to 3 layers": (
        [lambda A, B, h=h: deep_limits(A, B, h)[0] for h in (1, 2, 3)],
        (1e-4, 1e-2),
    ),
    "Gaussian kernel": (
        [lambda A, B, g=g: np.exp(-g * (2 - 2 * A @ B.T)) for g in (0.5, 1, 2, 4)],
        (1e-4, 1e-2),
    ),
    "cosine (linear regression)": (
        [lambda A, B: A @ B.T + 1],
        (1e-4, 1e-2, 1e-1, 1, 10),
    ),
}
part = unit[:700], digits.y_train[:700], unit[700:], digits.y_train[700:]
whole = unit, digits.y_train, unit_test, digits.y_test
digit_hits, best = {}, {}
for name, (choice, ridges) in SETTINGS.items():
    chosen = np.array([hits(kernel, ridges, *part).mean(1) for kernel in choice])
    which, ridge = np.unravel_index(chosen.argmax(), chosen.shape)
    best[name] = choice[which], ridges[ridge]
    digit_hits[name] = hits(choice[which], [ridges[ridge]], *whole)[0]
nearest = (unit_test @ unit.T).argmax(1)
digit_hits["nearest neighbour"] = digits.y_train[nearest] == digits.y_test
tangent_hits = digit_hits[next(iter(SETTINGS))]
print("test accuracy on 397 digits; digits where Θ alone, or the other alone, is right")
for name, right in digit_hits.items():
    se = right.std() / np.sqrt(len(right))
    only = f"{np.sum(tangent_hits & ~right):3} {np.sum(~tangent_hits & right):3}"
    print(f"{name:32} {right.mean():.3f} ± {se:.3f}   {only}")
all_unit, all_y = np.r_[unit, unit_test], np.r_[digits.y_train, digits.y_test]


def left_out(K, y, ridge):
    """Which digits are right, each left out in turn: its residual is αᵢ/(A⁻¹)ᵢᵢ."""
    target, chol = np.eye(10)[y], linalg.lapack.dpotrf(K + ridge * np.eye(len(K)))
    inverse = np.triu(linalg.lapack.dpotri(chol[0])[0])
    inverse += np.triu(inverse, 1).T
    said = target - inverse @ target / np.diag(inverse)[:, None]
    return said.argmax(1) == y


every_digit = {}
for name in (next(iter(SETTINGS)), list(SETTINGS)[2]):
    kernel, ridge = best[name]
    every_digit[name] = left_out(kernel(all_unit, all_unit), all_y, ridge)
others = all_unit @ all_unit.T - 9 * np.eye(len(all_y))
every_digit["nearest neighbour"] = all_y[others.argmax(1)] == all_y
print(f"each of the {len(all_y)} digits left out in turn: errors, and errors not of Θ")
for name, right in every_digit.items():
    only = np.sum(~right & every_digit[next(iter(SETTINGS))])
    print(f"{name:32} {np.sum(~right):3} {only:3}")
quickest = lambda f: min(timeit.repeat(f, number=1, repeat=3))
measured(
    "the kernel of 100 digits, 64-128-128-1, layer by layer",
    quickest(lambda: tangent_kernel(digit_net, unit[:100])),
    ("torch.func", quickest(lambda: torch_kernel(digit_net, unit[:100]))),
)

# %% [markdown]
r"""
Very good; but of 1797 digits, each left out in turn, fifteen go wrong with it, twelve with the Gaussian kernel and twenty with the nearest neighbour: too few to tell the three apart. On data where similar pixels mean similar digits, "an infinitely wide network" is one more way to compare pixels. The theory says what the wide network *does*; the test accuracy of a kernel is no evidence that networks are good because they are kernels.

| you have | take | because |
|---|---|---|
| up to some ten thousand examples | kernel ridge, with the kernel you can justify | exact, two knobs, $O(n^3)$ |
| few examples and a need for error bars | a [Gaussian process](#gaussian-process) | honest if the kernel is |
| a question about a wide network | its kernel, [layer by layer](#eq-ntk-layers) | no training needed; the library neural-tangents {cite:p}`novak2020` does many architectures |
| data whose features must be found | a network, and [not too lazy](#feature-learning) | a fixed kernel pays for every direction |
"""

# %% tags=["checks"]
verify(
    "torch.func on 100 digits: our kernel, layer by layer",
    tangent_kernel(digit_net, unit[:100]),
    torch_kernel(digit_net, unit[:100]),
    rtol=1e-9,
)
alpha = np.linalg.solve(
    deep_limits(unit, unit, 2)[1] + 1e-3 * np.eye(1400), np.eye(10)[digits.y_train]
)
verify(
    "scikit-learn's ridge: one call of solve, the same accuracy",
    hits(lambda A, B: deep_limits(A, B, 2)[1], [1e-3], *whole).mean(),
    np.mean((deep_limits(unit_test, unit, 2)[1] @ alpha).argmax(1) == digits.y_test),
    atol=1e-9,
)
some_X, some_y = all_unit[:60], all_y[:60]
kernel, ridge = best[next(iter(SETTINGS))]
one_less = []
for i in range(60):
    kept = np.arange(60) != i
    args = some_X[kept], some_y[kept], some_X[[i]], some_y[[i]]
    one_less.append(hits(kernel, [ridge], *args)[0, 0])
verify(
    "sixty digits, each left out in turn: right or wrong, by sixty regressions",
    left_out(kernel(some_X, some_X), some_y, ridge) * 1,
    np.array(one_less) * 1,
)
gain = {name: tangent_hits * 1.0 - right for name, right in digit_hits.items()}
for name, right in every_digit.items():
    if name != next(iter(SETTINGS)):
        difference = every_digit[next(iter(SETTINGS))] * 1.0 - right
        verify_within_se(f"Θ minus {name}, each digit left out", difference, 0.0)
over_linear = gain[list(SETTINGS)[3]]
verify_at_least(
    "Θ minus linear regression, digit by digit, in standard errors",
    over_linear.mean() / (over_linear.std() / np.sqrt(len(over_linear))),
    2.0,
)

# %% [markdown]
r"""
## Beware

**"The theory holds for the network that my library makes."** Most libraries draw weights of variance 1/fan-in and put no factor in front of the sum. Up to a constant it is the same function at the start, but the gradients by the outer weights are $\sqrt m$ times larger, the kernel grows with the width, and the largest stable learning rate shrinks like $1/m$. A learning rate that was tuned at one width explodes at another. The cure is a rate and a start for each layer: [µP](#maximal-update-parametrization).

**"Lazy means slow."** It means that the *features* stand still; who is faster, the target decides. From one start of 2,048 units, the lazy network has the eight numbers of the opening to two digits and more after three hundred steps; with the scale that moves the units it takes one to three thousand at this step size. On [the two signs](#feature-learning), where a feature is missing, thirty steps are enough for the networks of 1,024 units that move; the lazy ones have then half of their training error left.

**"Positive definite on paper is positive definite."** Smooth kernels have eigenvalues that fall below rounding at once. On a hundred points of $[-1,1]$ the Cholesky factorisation of the Gaussian kernel gives up. A *jitter* of $10^{-10}$ on the diagonal saves it and changes nothing one can see.

**"The band holds 95 per cent."** If the function came from the process. Draw functions from a rougher one, with a quarter of the length, and keep believing in 0.8:
"""


# %% tags=["set-up"]
def covered(believed, true, seed):
    """Share of 400 functions inside their 95 % band, ten noisy looks each."""
    rng, inside = np.random.default_rng(seed), []
    for _ in range(400):
        x = rng.uniform(-3, 3, (11, 1))
        lam, Q = np.linalg.eigh(rbf(x, x, true))
        truth = Q @ (np.sqrt(np.maximum(lam, 0)) * rng.normal(size=11))
        seen = truth[:10] + 0.3 * rng.normal(size=10)
        k = lambda A, B: rbf(A, B, believed)
        mean, var = posterior(k, x[:10], seen, x[10:], 0.3)
        inside.append(abs(truth[10] - mean[0]) < 1.96 * np.sqrt(var[0, 0]))
    return np.mean(inside)


coverage = {true: covered(0.8, true, 27) for true in (0.8, 0.4, 0.2)}
print("length of the truth   share inside the band that believes in 0.8")
for true, value in coverage.items():
    print(f"{true:19}   {value:.2f}")

# %% tags=["checks"]
verify(
    "right length: share inside",
    coverage[0.8],
    0.95,
    atol=4 * math.sqrt(0.95 * 0.05 / 400),
)
verify_at_most(
    "wrong length: share inside falls with each halving",
    np.diff(list(coverage.values())),
    -4 * math.sqrt(0.25 / 400),
)
library_top = []
for m in lazy_widths:
    rng = np.random.default_rng(m)
    W, a = rng.normal(size=(m, 2)), rng.normal(size=m)
    # ∂f/∂a and ∂f/∂W of Σ bⱼ(wⱼᵀx)₊ with b of variance 2/m, no factor in front
    J = features(W, a, X) * np.r_[np.full(m, np.sqrt(m / 2)), np.ones(2 * m)]
    library_top.append(np.linalg.eigvalsh(J @ J.T)[-1])
verify(
    "library scaling: largest eigenvalue against width, slope on logarithmic axes",
    np.polyfit(np.log(lazy_widths), np.log(library_top), 1)[0],
    1.0,
    atol=0.05,
)
one_W, one_a = start_at_zero(2048, 2, np.random.default_rng(28))
slow_start = {}
for power, times in ((0.5, (300,)), (1.0, (300, 1000, 3000))):
    scale = math.sqrt(2) * 2048**-power
    eta = 0.15 * 2048 ** (2 * power - 1)
    for t, (W, a) in train(one_W, one_a, X, y, eta, times[-1], times, scale).items():
        slow_start[power, t] = abs(scale * np.maximum(X @ W.T, 0) @ a - y).max()
verify_at_most(
    "largest error at the eight points: lazy after 300 steps, moving after 3,000",
    [slow_start[0.5, 300], slow_start[1.0, 3000]],
    0.005,
)
verify_at_least(
    "after 300 and 1,000 steps: moving over lazy after 300",
    np.array([slow_start[1.0, 300], slow_start[1.0, 1000]]) / slow_start[0.5, 300],
    1.0,
)
verify_at_least(
    "two signs, 1,024 units: training error after thirty steps, lazy over moving, each "
    "draw",
    sign_errors(1024, 0.5)[:, 3] / sign_errors(1024, 1.0)[:, 3],
    10.0,
)
crowded = np.linspace(-1, 1, 100)[:, None]
try:
    np.linalg.cholesky(rbf(crowded, crowded))
    outcome = "factorised"
except np.linalg.LinAlgError:
    outcome = "not positive definite"
verify("Gaussian kernel on 100 points: Cholesky says", outcome, "not positive definite")
root = np.linalg.cholesky(rbf(crowded, crowded) + 1e-10 * np.eye(100))
verify("with jitter", root @ root.T, rbf(crowded, crowded), atol=1e-9)

# %% [markdown]
"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""

# %% [markdown]
r"""
:::{exercise} Depth without bends
:label: ex-ntk-linear
What is the tangent kernel of an infinitely wide *linear* network of $L$ weight layers, $f(x)=a^\top\frac1{\sqrt m}W^{L-1}\cdots\frac1{\sqrt m}W^1x$, with standard normal weights? First say what changes in [the two recursions](#eq-ntk-theta).
:::
"""

# %% tags=["yours"]
linear_kernel = ...  # a function of X, Z and the number of weight layers

exercise("ntk-linear").check(linear_kernel)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\Sigma$ stays $x^\top z$ and $\dot\Sigma=1$, so each layer adds one $\Sigma$: $\Theta=L\,x^\top z$. Depth makes it faster, not richer.

```python
linear_kernel = lambda X, Z, layers: layers * X @ Z.T
```

</details>

:::{exercise} Biases
:label: ex-ntk-biases
Write $\Theta$ for a network with inner biases, $f(x)=\sqrt{2/m}\sum_ja_j(w_j^\top x+b_j)_+$ with $b_j\sim\mathcal N(0,1)$ trained too. (The inputs have length 1.) Then look at the Fourier coefficients of the new kernel, `np.fft.rfft(with_biases(on_circle(t), on_circle(np.zeros(1)))[:, 0]).real / 4096` with `t = np.linspace(0, 2 * np.pi, 4096, endpoint=False)`: does it hear the third wave?
:::
"""

# %% tags=["yours"]
with_biases = ...  # a function of X (n, d) and Z (n', d)

exercise("ntk-biases").check(with_biases)

# %% [markdown]
r"""
<details><summary>Solution</summary>

It is the same network with inputs $(x,1)$, of length $\sqrt2$: the first part is made for any length, the second is $x^\top z+1$ times twice the chance that both are on. Its third Fourier coefficient is 0.02, that of the second wave 0.10: it hears, faintly.

```python
def with_biases(X, Z):
    X, Z = np.c_[X, np.ones(len(X))], np.c_[Z, np.ones(len(Z))]
    angle = np.arccos(np.clip(X @ Z.T / 2, -1, 1))
    return Sigma(X, Z) + X @ Z.T * (np.pi - angle) / np.pi
```

</details>

:::{exercise} Project: between lazy and moving
:label: ex-ntk-between
Put $\sqrt2\,m^{-p}$ in front of the sum, with the learning rate $\eta\,m^{2p-1}$ so that $f$ moves at speed 1. Like which power $m^{-r}$ does the move of one unit fall? Check your answer; then run the experiment of [the two signs](#feature-learning) at $p=\frac34$, at a few widths and starts, and say from your picture what width costs there.
:::
"""

# %% tags=["yours"]
how_fast_it_stands_still = ...  # r, a function of p

exercise("ntk-between").check(how_fast_it_stands_still)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A step moves a unit by the rate, $m^{2p-1}$, times its gradient, $m^{-p}$: together $m^{p-1}$. Only at $p=1$ nothing is lost with the width; at $p=\frac34$ laziness comes, but only like $m^{-1/4}$.

```python
how_fast_it_stands_still = lambda p: 1 - p
```

</details>
"""

# %% [markdown]
r"""
(ntk-summary)=
## Summary

| idea | formula | where |
|---|---|---|
| tangent kernel | $\langle\nabla_\theta f(x),\nabla_\theta f(z)\rangle=\sum_l(\Delta^l\Delta^{l\top})\odot(H^{l-1}H^{l-1\top})$ | [layer by layer](#eq-ntk-layers) |
| its limit | $\Theta=\Sigma+\cos\vartheta\,\frac{\pi-\vartheta}\pi$, reached like $m^{-1/2}$ | [the envelope](#eq-ntk-limit) |
| how far the weights move | $\sqrt{y^\top\Theta^{-1}y}$ all together, at any large width, from $f_0=0$ | [distance](#eq-ntk-distance) |
| training | $f_t=y+e^{-Kt}(f_0-y)$ | [solved](#eq-ntk-ode) |
| its end | $k(x,X)K^{-1}y$; with a penalty $k(x,X)(K+\lambda I)^{-1}y$ | [kernel ridge](#eq-ntk-krr) |
| waves on the circle | $\lambda_k=\frac{2}{\pi^2}\frac{k^2+3}{(k^2-1)^2}$ for even $k$, 0 for odd $k\ge3$ | [spectrum](#eq-ntk-waves) |
| untrained network | a Gaussian process with kernel $\Sigma$ | [Neal](#neural-network-gaussian-process) |
| conditioning | $\mu_*=k_*^\top(K+\sigma^2I)^{-1}y$, $\sigma_*^2=k_{**}-k_*^\top(K+\sigma^2I)^{-1}k_*$ | [posterior](#eq-ntk-posterior) |
| deeper | $\Theta_{l+1}=\Sigma_{l+1}+\Theta_l\,\dot\Sigma_{l+1}$ | [recursion](#eq-ntk-theta) |
| where it ends | scale $1/\sqrt m$: lazy; scale $1/m$: features move | [the other scaling](#feature-learning) |

**Further reading.** {cite:t}`rasmussen2006` for Gaussian processes and {cite:t}`scholkopf2002` for kernels. The limit before training is in {cite:t}`neal1996` and {cite:t}`lee2018`, the kernel in {cite:t}`jacot2018`, its dynamics in {cite:t}`lee2019`, the many ways to be lazy in {cite:t}`chizat2019`, the other scaling in {cite:t}`mei2018`.

## The shelf

(positive-definite-kernel)=
### Kernels from kernels

:::{prf:definition} Kernel
:label: def-ntk-kernel
A symmetric function $k(x,z)$ is a *(positive semi-definite) kernel* if for all $x_1,\dots,x_n$ the *Gram matrix* $K_{ij}=k(x_i,x_j)$ is positive semi-definite.
:::

Every inner product of features is one, since $c^\top Kc=\|\sum_ic_i\varphi(x_i)\|^2\ge0$, and every kernel is an inner product of some features, perhaps infinitely many {cite:p}`scholkopf2002`. Sums and non-negative multiples of kernels are kernels; so are *products* (Schur): if $K=\sum_iu_iu_i^\top$ and $L=\sum_jv_jv_j^\top$, then $K\odot L=\sum_{ij}(u_i\odot v_j)(u_i\odot v_j)^\top$. That is why [the layers' formula](#eq-ntk-layers) is a kernel. $-\|x-z\|$ grows with similarity, too, and is none: its Gram matrix has trace 0, so unless it vanishes one eigenvalue is negative.
"""

# %% tags=["checks"]
rng = np.random.default_rng(2)
fifty = rng.normal(size=(50, 3))
grams = [fifty @ fifty.T, (1 + fifty @ fifty.T) ** 3, rbf(fifty, fifty)]
verify_at_least(
    "linear, cubic and Gaussian kernel on 50 points: smallest eigenvalue over largest",
    [np.linalg.eigvalsh(K)[0] / np.linalg.eigvalsh(K)[-1] for K in grams],
    0.0,
    atol=1e-12,
)
lengths = np.linalg.norm(fifty[:, None] - fifty, axis=-1)
verify_at_most(
    "−‖x − z‖ on the same points: smallest eigenvalue, at most minus the mean of the others",
    np.linalg.eigvalsh(-lengths)[0],
    -np.linalg.eigvalsh(-lengths)[1:].sum() / 49,
)
lowest = []
for trial in range(100):
    U, V = rng.normal(size=(2, 8, 3))  # rank 3, so that zero is nearly reached
    K, L = U @ U.T, V @ V.T
    lowest.append([np.linalg.eigvalsh(M)[0] for M in (K + L, 0.3 * K, K * L)])
verify_at_least(
    "100 random pairs: sum, multiple and entrywise product stay kernels",
    np.array(lowest),
    0.0,
    atol=1e-12,
)
i, j = np.divmod(np.arange(9), 3)
verify(
    "the product of two kernels has the products of their features",
    (U[:, i] * V[:, j]) @ (U[:, i] * V[:, j]).T,
    (U @ U.T) * (V @ V.T),
    atol=1e-12,
)

# %% [markdown]
r"""
### How fast depth forgets

Expand [the map](#eq-ntk-map) near $\vartheta=0$: $\sin\vartheta-\vartheta\cos\vartheta\approx\vartheta^3/3$, so $c_l\approx c+\vartheta^3/3\pi$. With $\epsilon=1-c\approx\vartheta^2/2$ that is $\epsilon_l-\epsilon_{l-1}\approx-\frac{2\sqrt2}{3\pi}\epsilon^{3/2}$; as a differential equation $\frac{d}{dl}\epsilon^{-1/2}=\frac{\sqrt2}{3\pi}$, and so

$$
1-c_l\approx\frac{9\pi^2}{2\,l^2} :
$$ (eq-ntk-forget)

*all* correlations tend to 1, slowly. A very deep network of this kind cannot tell its inputs apart before it is trained.
"""

# %% tags=["checks"]
c = np.linspace(-1, 0.99, 9)
for layer in range(20_000):
    c = correlation_map(c)
verify(
    "nine pairs of inputs after 20,000 layers: (1 − c)l²",
    (1 - c) * 4e8,
    np.full(9, 9 * np.pi**2 / 2),
    rtol=0.02,
)

# %% [markdown]
r"""
### A deep network's process is not a deep Gaussian process

[The recursion](#eq-ntk-recursion) describes *one* Gaussian process, with one kernel, to which a wide deep network converges. A *deep GP* is a composition $f\circ g$ of Gaussian processes; given $g$ it is Gaussian with a random variance, a mixture with heavier tails.
"""

# %% tags=["checks"]
rng = np.random.default_rng(14)
g = rng.normal(size=(400_000, 2))  # g at two inputs far from each other: independent
variance = 2 - 2 * np.exp(-((g[:, 0] - g[:, 1]) ** 2) / 2)  # of f(g(x)) − f(g(z))
jump = np.sqrt(variance) * rng.normal(size=400_000)
# E e^{−s d²/2} = (1 + 2s)^{−1/2} for d ~ N(0, 2)
first, second_moment = (1 - 3**-0.5), (1 - 2 * 3**-0.5 + 5**-0.5)
verify(
    "a GP of a GP: kurtosis of a difference, 3 for a Gaussian",
    np.mean(jump**4) / np.mean(jump**2) ** 2,
    3 * second_moment / first**2,
    rtol=0.02,
)

# %% [markdown]
r"""
### Choosing the kernel: marginal likelihood

The chance of the data under the process, $\mathcal N(y;0,K+\sigma^2I)$, is

$$
\log p(y)=-\tfrac12y^\top(K+\sigma^2I)^{-1}y-\tfrac12\log\det(K+\sigma^2I)-\tfrac n2\log2\pi .
$$ (eq-ntk-evidence)

The first term wants a flexible kernel, the second a stiff one; their sum has a maximum, and scikit-learn climbs it by itself. It is the number below the live figure.
"""


# %% tags=["checks"]
def log_evidence(length):
    A = rbf(x_noisy, x_noisy, length) + 0.09 * np.eye(30)
    fit = y_noisy @ np.linalg.solve(A, y_noisy)
    return -0.5 * (fit + np.linalg.slogdet(A)[1] + 30 * np.log(2 * np.pi))


free = GaussianProcessRegressor(kernels.RBF(1.0, (0.1, 10)), alpha=0.09)
free.fit(x_noisy, y_noisy)
ours = optimize.minimize_scalar(
    lambda t: -log_evidence(t), bounds=(0.1, 10), method="bounded"
)
verify(
    "length with the largest marginal likelihood, and its logarithm: scikit-learn's",
    [ours.x, -ours.fun],
    [free.kernel_.length_scale, free.log_marginal_likelihood_value_],
    rtol=1e-3,
)
