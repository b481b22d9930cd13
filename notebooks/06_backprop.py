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
(backprop-chapter)=
# Multi-layer perceptrons and backpropagation

A network of a million weights turns a small picture into a loss. To train it you need to know, for each of the million weights, how the loss answers when that weight alone is nudged. Nudging them one by one takes a million and one evaluations of the network. How many does it really take?
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
import functools
import heapq
import itertools
import math
import time

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import sympy as sp
import torch
from scipy import optimize
from scipy.special import j0
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from helpers import (
    data,
    exercise,
    explore,
    fit,
    headline,
    measured,
    plot,
    verify,
    verify_at_least,
    verify_at_most,
)

plot.style()
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


# %%
def mlp(*sizes, act=nn.Tanh, seed=0):
    """Affine layers of these widths with an activation between any two of them."""
    torch.manual_seed(seed)
    layers = [nn.Linear(m, k) for m, k in zip(sizes, sizes[1:])]
    return nn.Sequential(*[f for layer in layers for f in (layer, act())][:-1])


def size(net):
    return sum(p.numel() for p in net.parameters())


million = mlp(64, 970, 960, 10)
verify("weights of a 64-970-960-10 network", size(million), 1_004_820)

# %%
picture, label = torch.rand(1, 64), torch.tensor([3])
with FlopCounterMode(display=False) as value_only:
    F.cross_entropy(million(picture), label)
with FlopCounterMode(display=False) as value_and_gradient:
    F.cross_entropy(million(picture), label).backward()
price = value_and_gradient.get_total_flops() / value_only.get_total_flops()
verify(
    "a million derivatives and the value: cost in evaluations of the value",
    price,
    3.0,
    rtol=0.03,
)

# %% [markdown]
r"""
Three. Not a million and one: *three*, and the value itself is the first of them. Nothing in this chapter is more useful, and nothing in it is deeper than the chain rule, applied in the right order. By the end you will be able to

- **build** a function out of affine maps and bends, and **say** how well and with how many pieces it can follow a target,
- **choose** an output layer and the loss that belongs to it,
- **write** an automatic differentiator in a hundred lines that agrees with PyTorch to the last digits, and train with it,
- **prove** why the gradient is cheap, and **count** that it is,
- **differentiate** by vectors, matrices and tensors without getting a transpose wrong.

It builds on [the gradient](#eq-gradient) and on [descending along it](#eq-gd). All cells together run in about half a minute on one core.

We write $\sigma$ for an activation, $W^l,b^l$ for the weights and the bias of layer $l$, $\theta$ for all of them together, $\mathcal R(\theta)$ for the loss, $J_F$ for the Jacobian of $F$, and $\bar v$ for the derivative of the loss by a variable $v$.
"""

# %% [markdown]
r"""
## What a line cannot do

(xor-problem)=
Four points, two labels: $y=1$ when exactly one of $x_1,x_2$ is 1. This is *exclusive or*. What is the best that an affine function can do?
"""

# %%
X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([0.0, 1, 1, 0])
best = np.linalg.lstsq(np.c_[X, np.ones(4)], y, rcond=None)[0]
verify("XOR by least squares: both weights and the bias", best, [0, 0, 0.5], atol=1e-12)
verify(
    "… its mean squared error",
    np.mean((np.c_[X, np.ones(4)] @ best - y) ** 2),
    0.25,
    atol=1e-12,
)

# %% [markdown]
r"""
It gives up: the answer is ½ for everything. And no other line separates the labels, not only the least-squares one. If $w^\top x+b$ were negative at $(0,0)$ and $(1,1)$ its sum over those two points, $w_1+w_2+2b$, would be negative; if it were positive at the other two, the same sum would be positive. A linear program, asked for any separating line, reports the same.
"""

# %%
signs = np.where(y > 0, 1, -1)[:, None]
separating = lambda X: (
    optimize.linprog(
        np.zeros(X.shape[1] + 1),
        -signs * np.c_[X, np.ones(4)],
        -np.ones(4),
        bounds=(None, None),
    ).status
)
verify("a line that separates XOR: status of the linear program", separating(X), 2)
verify("… with the feature x₁x₂ added", separating(np.c_[X, X[:, 0] * X[:, 1]]), 0)

# %% [markdown]
r"""
(Status 2 means infeasible, 0 solved.) One more coordinate, the product $x_1x_2$, and a plane does it. That feature had to be thought of. Better: let the machine bend the plane itself. Two units that are zero until their input turns positive,

$$
h_1=(x_1+x_2)_+,\qquad h_2=(x_1+x_2-1)_+,\qquad\hat y=h_1-2h_2,
$$ (eq-bp-xor)

map the two points labelled 1 to the same place, and then a line is enough. Look at the right-hand picture.
"""

# %%
relu = lambda z: np.maximum(z, 0)
H = relu(X @ [[1, 1], [1, 1]] + [0, -1])  # hidden representation, (4, 2)
verify("two rectified units solve XOR exactly", H @ [1, -2], y, atol=0)

# %% mystnb={"image": {"alt": "Left the four XOR points at the corners of a square, labels on opposite corners. Right their images under two rectified units: both points labelled one fall together and a line separates them from the others."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.0))
for ax, P, name in zip(axes, (X, H), ("x", "h")):
    for value, colour in ((0, plot.BLUE), (1, plot.RED)):
        ax.plot(*P[y == value].T, "o", ms=10, color=colour, label=f"$y={value}$")
    ax.set(
        xlabel=f"${name}_1$", ylabel=f"${name}_2$", xlim=(-0.3, 2.3), ylim=(-0.3, 1.3)
    )
axes[1].plot([0.3, 2.3], [-0.1, 0.9], color=plot.GREY, lw=1)
axes[0].legend(loc="upper right")
axes[0].set_title("as given")
axes[1].set_title("after the hidden layer")
plt.show()

# %% [markdown]
"""
Can such a layer be *found*, without insight? We train ten networks at once, each with eight hidden units of the smooth kind and its own random start.
"""


# %%
def minimise(parameters, loss, steps, lr):
    """Adam on all of them; returns the last loss."""
    optimizer = torch.optim.Adam(parameters, lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
    return value.item()


CORNERS, XOR = torch.tensor(X), torch.tensor(y)[:, None]


def train_xor(nets, hidden, act, steps, lr=0.05, seed=0):
    """Final mean squared error of each of many 2-hidden-1 networks, trained side by side."""
    torch.manual_seed(seed)
    theta = [
        torch.randn(nets, *s) for s in ((2, hidden), (1, hidden), (hidden, 1), (1, 1))
    ]
    W1, b1, W2, b2 = [p.requires_grad_() for p in theta]
    error = lambda: ((act(CORNERS @ W1 + b1) @ W2 + b2 - XOR) ** 2).mean(
        (1, 2)
    )  # (nets,)
    minimise(theta, lambda: error().sum(), steps, lr)
    return error().detach().numpy()


verify_at_most(
    "XOR, 2-8-1 tanh networks: worst error of ten random starts",
    train_xor(10, 8, torch.tanh, 400).max(),
    1e-3,
)

# %% [markdown]
r"""
(compositional-model)=
### Structure is chosen, parameters are learned

That is the whole programme. Nature holds an unknown $F^*:\mathbb R^n\to\mathbb R^m$, seen through noisy samples $(x_i,y_i)$. The designer fixes a *family* composed of simple blocks,

$$
f_\theta=f_{\theta_L}\circ\dots\circ f_{\theta_1},\qquad\theta=(\theta_1,\dots,\theta_L)\in\mathbb R^d
$$ (eq-bp-composition)

(model selection), and the parameters are solved for by minimising a loss (training). A small one has eight bends:
"""

# %%
small = mlp(1, 8, 1, act=nn.ReLU)
x = torch.linspace(-2, 2, 50)[:, None]
verify("parameters of a 1-8-1 network", size(small), 25)
verify(
    "its three blocks, called one after another",
    small[2](small[1](small[0](x))),
    small(x),
    atol=1e-15,
)

# %% [markdown]
"""
Two of its 25 parameters are on the sliders: the inner weight of one unit and the outer weight of another. Every position is another function of the same structure: continuous, straight between bends.
"""


# %% tags=["hide-input"]
def same_structure(inner_weight, outer_weight):
    net, grid = mlp(1, 8, 1, act=nn.ReLU), torch.linspace(-2, 2, 300)[:, None]
    with torch.no_grad():
        before = net(grid)
        net[0].weight[6, 0], net[2].weight[0, 3] = inner_weight, outer_weight
        fig, ax = plt.subplots(figsize=(6.8, 3.0))
        ax.plot(grid, before, color=plot.GREY, lw=1, ls=":", label="as initialised")
        ax.plot(grid, net(grid), color=plot.BLUE, label="with your two weights")
    ax.set(xlabel="$x$", ylabel=r"$f_\theta(x)$", ylim=(-2.5, 2.5))
    ax.legend(loc="upper left")
    return fig


explore(
    same_structure,
    alt="A piecewise-linear function of one variable whose slopes and kink change with two of its weights",
    inner_weight=[4.0, 1.5, -1.5, -4.0],
    outer_weight=[1.5, 0.0, -1.5],
)

# %% [markdown]
r"""
How much does the family matter? Two hundred noisy points of a sine, four families, all trained to their best; the errors are on points that were not trained on, in units of the noise variance, below which nobody can go.
"""

# %%
rng = np.random.default_rng(1)
draw = lambda n: (lambda x: (x, np.sin(2 * np.pi * x) + 0.2 * rng.normal(size=n)))(
    rng.uniform(-1, 1, n)
)
(xs, ys), (xt, yt) = draw(200), draw(2000)
column = lambda a: torch.tensor(a)[:, None]


def score(predict, d):
    return d, *(np.mean((predict(a) - b) ** 2) / 0.04 for a, b in ((xs, ys), (xt, yt)))


# %%
results = {}
for name, degree in (("line", 1), ("cubic", 3)):
    results[name] = score(np.poly1d(np.polyfit(xs, ys, degree)), degree + 1)
for name, widths in (("1-16-1 tanh", (16,)), ("1-16-16-1 tanh", (16, 16))):
    net = mlp(1, *widths, 1)
    minimise(
        net.parameters(), lambda: F.mse_loss(net(column(xs)), column(ys)), 800, 0.02
    )
    predict = lambda a: net(column(a)).detach().numpy()[:, 0]
    results[name] = score(predict, size(net))
for name, (d, train, test) in results.items():
    print(f"{name:15s} d = {d:3d}   training {train:5.1f}   held out {test:5.1f}")
verify_at_least(
    "noisy sine: held-out error of the line, in noise variances",
    results["line"][2],
    3.0,
)
verify_at_most(
    "noisy sine: held-out error of a 1-16-16-1 network, in noise variances",
    results["1-16-16-1 tanh"][2],
    1.2,
)

# %% [markdown]
r"""
:::{admonition} The truth need not be in the family
:class: correction
**The notes say** $f_\theta$ both for the function that is learned and for the true one.

**Right is:** they are different objects. $f_\theta$ is our approximation of an unknown $F^*$, which need not belong to the family: no $\theta$ makes a line a sine, as the first row above shows.
:::
"""

# %%
ideal = np.polyfit(xt, np.sin(2 * np.pi * xt), 1)  # even without any noise
gap = np.mean((np.polyval(ideal, xt) - np.sin(2 * np.pi * xt)) ** 2)
verify(
    "the best line is still this far from the sine, in noise variances",
    gap / 0.04,
    (1 / 2 - 3 / (2 * np.pi) ** 2) / 0.04,
    rtol=0.05,
)

# %% [markdown]
r"""
## Units, layers, networks

(hidden-unit)=
### A unit, and a row of them

A *hidden unit* is an affine map followed by a bend: $x\mapsto\sigma(w_k^\top x+b_k)$. Put $q$ of them side by side, the $w_k$ as rows of a matrix:

$$
h=\sigma(z),\qquad z=Wx+b,\qquad W\in\mathbb R^{q\times p}
$$ (eq-bp-layer)

with $\sigma$ applied to each coordinate. Two readings of one formula: a function between vector spaces, or $q$ scalar functions in parallel. Drawn as a graph, the edge from input $j$ to unit $k$ carries $W_{kj}$; when all edges are present the layer is *fully connected*. Kinds of units differ in little more than $\sigma$.
"""

# %%
rng = np.random.default_rng(2)
W, b, x = rng.normal(size=(3, 4)), rng.normal(size=3), rng.normal(size=4)
for sign in (1, -1):  # with x and with −x, so that every unit is active once
    one_by_one = [
        max(0, sum(W[k, j] * sign * x[j] for j in range(4)) + b[k]) for k in range(3)
    ]
    verify(
        f"a layer at {'+' if sign > 0 else '−'}x: units one by one, against the "
        "matrix product",
        relu(W @ (sign * x) + b),
        np.array(one_by_one),
        atol=1e-12,
    )

U, order = rng.normal(size=(2, 3)), [2, 0, 1]
verify(
    "permuting hidden units with their outgoing weights changes nothing",
    U[:, order] @ relu(W[order] @ x + b[order]),
    U @ relu(W @ x + b),
    atol=1e-12,
)
bipartite = nx.DiGraph([(f"x{j}", f"h{k}") for j in range(4) for k in range(3)])
verify("edges of a fully connected 4-3 layer", bipartite.number_of_edges(), W.size)

# %% mystnb={"image": {"alt": "A fully connected layer as a graph: four inputs on the left, three units on the right, twelve edges whose width is the size of the weight and whose colour its sign."}} tags=["hide-input"]
place = {v: (v[0] == "h", -int(v[1]) - 0.5 * (v[0] == "h")) for v in bipartite}
fig, ax = plt.subplots(figsize=(6.8, 3.0))
weights = [W[int(k[1]), int(j[1])] for j, k in bipartite.edges]
nx.draw(
    bipartite,
    place,
    ax=ax,
    node_color="white",
    edgecolors="black",
    node_size=700,
    labels={v: f"${v[0]}_{int(v[1]) + 1}$" for v in bipartite},
    arrows=False,
    width=[2.5 * abs(w) for w in weights],
    edge_color=[plot.BLUE if w > 0 else plot.RED for w in weights],
)
ax.set_title("width of an edge: $|W_{kj}|$; blue positive, red negative")
ax.margins(0.15)
plt.show()

# %% [markdown]
r"""
One unit with two inputs, seen from above. Turn its direction $w$. Whatever the bend, the level lines are straight and stand at right angles on the arrow.
"""

# %% tags=["hide-input"]
BENDS = {
    "identity": lambda z: z,
    "ReLU": relu,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
}


def from_above(degrees):
    w = 1.5 * np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    g = np.linspace(-3, 3, 60)
    z = w[0] * g[None, :] + w[1] * g[:, None]
    fig, axes = plt.subplots(1, 4, figsize=(6.8, 2.3), sharey=True)
    for ax, (name, bend) in zip(axes, BENDS.items()):
        ax.contourf(g, g, bend(z), 8)
        ax.arrow(0, 0, *w, color=plot.RED, width=0.08, length_includes_head=True)
        ax.set(title=name, xlabel="$x_1$", aspect="equal")
        ax.grid(False)
    axes[0].set_ylabel("$x_2$")
    return fig


explore(
    from_above,
    alt="Filled contours of four units over the plane: bands at right angles to the weight vector, turning with it",
    degrees=[30, 60, 90, 120, 150, 180, 270, 330],
)

# %% [markdown]
r"""
(deep-composition)=
### Layers in a row

A *layer* is $F^l=\sigma\circ f_l$ with $f_l$ affine (a single one with the logistic $\sigma$ is logistic regression). A deep network composes them, read from right to left, $F^L\circ\dots\circ F^1$. The layer is a superscript, the unit a subscript, the example a number in brackets:

$$
x=x^0\;\mapsto\;x^1\;\mapsto\;\dots\;\mapsto\;x^L=y\;\mapsto\;\mathcal R(\theta;y),\qquad x^l\in\mathbb R^{m_l}.
$$ (eq-bp-deep)

Composition is associative, so where one draws the brackets, which part one calls "the features" and which "the classifier", is taste. We catch the $x^l$ on the way with hooks and restart the network from each of them.
"""

# %%
deep = mlp(5, 7, 6, 4, 3)
stops = []  # the output of every block, in order
hooks = [f.register_forward_hook(lambda f, i, out: stops.append(out)) for f in deep]
x0 = torch.randn(2, 5)
y_all = deep(x0)
for hook in hooks:
    hook.remove()
verify(
    "the network is a fold over its blocks",
    functools.reduce(lambda a, f: f(a), deep, x0),
    y_all,
    atol=1e-15,
)
verify("widths after each layer", tuple(s.shape[1] for s in stops[1::2]), (7, 6, 4))
for l, stop in enumerate(stops[1::2], 1):
    verify(f"restarted from x{'⁰¹²³'[l]}", deep[2 * l :](stop), y_all, atol=1e-12)
left = nn.Sequential(nn.Sequential(*deep[:3]), nn.Sequential(*deep[3:]))
verify("other brackets, same function", left(x0), y_all, atol=1e-15)

# %% [markdown]
r"""
(composition-of-linear-maps)=
Why the bend? Because without it depth is nothing. Two affine layers give $W_2(W_1x+b_1)+b_2=(W_2W_1)x+(W_2b_1+b_2)$, affine again, and so on for any depth: the product $W_L\cdots W_1$ is one matrix, of a rank that no layer can exceed by its width.
"""

# %%
rng = np.random.default_rng(3)
widths = [6, 8, 3, 7, 8, 5]
Ws = [rng.normal(size=(k, m)) for m, k in zip(widths, widths[1:])]
bs = [rng.normal(size=k) for k in widths[1:]]
chain = lambda x: functools.reduce(lambda a, Wb: Wb[0] @ a + Wb[1], zip(Ws, bs), x)
offset = chain(np.zeros(6))
one = np.linalg.multi_dot(Ws[::-1])
x = rng.normal(size=6)
verify("five affine layers are one", chain(x), one @ x + offset, atol=1e-10)
verify("its rank: the narrowest width", np.linalg.matrix_rank(one), 3)
verify(
    "XOR with three affine layers: error after training",
    train_xor(3, 8, lambda z: z, 300),
    np.full(3, 0.25),
    atol=1e-3,
)

# %% [markdown]
r"""
(multilayer-perceptron)=
### The multi-layer perceptron

:::{prf:definition} Multi-layer perceptron
:label: def-bp-mlp
A *feed-forward network* is a directed acyclic graph of units. In layers of widths $m_0,\dots,m_L$ it is the *multi-layer perceptron*

$$
x^l=\sigma^l(W^lx^{l-1}+b^l),\qquad l=1,\dots,L,
$$ (eq-bp-mlp)

with $\sum_lm_l(m_{l-1}+1)$ parameters. The inner $x^l$ are its *hidden representations*; $\bar F$ is the network without its last $\sigma^L$.
:::

"Acyclic" is what makes "layer after layer" possible: information flows one way. An edge back would make it recurrent, and there would be no order to compute in. In NumPy, with examples as rows ($X\mapsto XW^\top+b$):
"""


# %%
def forward(X, theta, act=np.tanh):
    """All hidden representations and the affine output F̄(X); theta = [(W, b), ...]."""
    reps = [X]  # (n, m_0), (n, m_1), ...
    for l, (W, b) in enumerate(theta, 1):
        Z = reps[-1] @ W.T + b
        reps.append(act(Z) if l < len(theta) else Z)
    return reps


def weights_of(net):
    """[(W, b), ...] of a torch network as arrays."""
    return [
        (f.weight.detach().numpy().copy(), f.bias.detach().numpy().copy())
        for f in net
        if isinstance(f, nn.Linear)
    ]


# %%
verify(
    "MLP in NumPy, against torch with the same weights",
    forward(x0.numpy(), weights_of(deep))[-1],
    y_all,
    atol=1e-10,
)
verify(
    "parameters of a 64-32-10 network",
    size(mlp(64, 32, 10)),
    64 * 32 + 32 + 32 * 10 + 10,
)
units = nx.DiGraph(
    [
        ((l, i), (l + 1, j))
        for l, (m, k) in enumerate([(4, 3), (3, 2)])
        for i in range(m)
        for j in range(k)
    ]
)
in_order = [l for l, _ in nx.topological_sort(units)]
verify("the units of a 4-3-2 network can be put in order", in_order, sorted(in_order))
units.add_edge((2, 0), (1, 0))  # feed an output back
verify("with an edge back they cannot", nx.is_directed_acyclic_graph(units), False)

# %% [markdown]
"""
What do hidden representations look like? We train a 64-32-32-10 network on the handwritten digits and look at three digits that are easily confused, 1, 8 and 9, in the plane through their three mean representations.
"""

# %%
digits = data.digits()
Xd, Yd = torch.tensor(digits.X_train), torch.tensor(digits.y_train)
Xv, Yv = torch.tensor(digits.X_test), torch.tensor(digits.y_test)


def accuracy(net):
    with torch.no_grad():
        return (net(Xv).argmax(1) == Yv).double().mean().item()


def train_digits(*hidden, seed=0, epochs=8, batch_size=50, act=nn.ReLU):
    net = mlp(64, *hidden, 10, act=act, seed=seed)
    fit(
        net,
        F.cross_entropy,
        Xd,
        Yd,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=torch.optim.Adam(net.parameters(), lr=0.01),
        generator=torch.Generator().manual_seed(seed),
    )
    return net


reader = train_digits(32, 32)
verify_at_least(
    "64-32-32-10 network: accuracy on unseen digits", accuracy(reader), 0.95
)

# %% mystnb={"image": {"alt": "Three scatter plots of the digits 1, 8 and 9 in the plane through their class means: the clouds overlap for the raw pixels, part after the first layer and lie further apart after the second."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.6))
few, c = np.isin(digits.y_test, (1, 8, 9)), digits.y_test
reps = [R[few] for R in forward(digits.X_test, weights_of(reader), relu)[:3]]
c = c[few]
for ax, R, name in zip(axes, reps, ("pixels", "layer 1", "layer 2")):
    means = np.array([R[c == k].mean(0) for k in (1, 8, 9)])
    P = (R - means.mean(0)) @ np.linalg.svd(means - means.mean(0))[2][:2].T
    for k in (1, 8, 9):
        ax.plot(*P[c == k].T, ".", ms=5, label=str(k))
    ax.set(title=name, xticks=[], yticks=[])
fig.legend(
    *axes[0].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=3,
    markerscale=2,
)
plt.show()


# %%
def spread_ratio(R):
    """Variance within the classes over the variance between their means."""
    means = np.array([R[c == k].mean(0) for k in (1, 8, 9)])
    within = np.mean([R[c == k].var(0).sum() for k in (1, 8, 9)])
    return within / means.var(0).sum()


ratios = [spread_ratio(R) for R in reps]
verify_at_most(
    "digits, layer by layer: change of the spread within classes over between",
    np.diff(ratios),
    0.0,
)

# %% [markdown]
"""
Layer by layer the classes pull together and away from each other; the last layer only needs to draw lines. And what do the first units look for? Their weight vectors have the shape of the input, so they can be shown as images.
"""

# %% mystnb={"image": {"alt": "The weights of ten first-layer units as eight by eight images: blobs and strokes of positive and negative weights in the middle of the field."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 10, figsize=(6.8, 1.0))
for ax, w in zip(axes, weights_of(reader)[0][0]):
    ax.imshow(w.reshape(8, 8), cmap="RdBu", vmin=-1, vmax=1)
    ax.axis("off")
plt.show()
# %% [markdown]
r"""
(activation-functions)=
### Which bend?

The *activation function* keeps depth from collapsing; normally it has nothing to learn.

(relu)=
The *rectified linear unit* $(x)_+=\max(0,x)$ is continuous with a kink at 0: slope 0 to the left, 1 to the right, and at the kink none. Every number in $[0,1]$ is a [subgradient](#subgradient) there (software picks 0). It is positively homogeneous, $(cx)_+=c\,(x)_+$ for $c>0$, and *active* only for positive input.

(absolute-value-rectification)=
(tanh)=
Two relatives and a table; the next cell runs every line of it.

| activation | values | derivative | identity |
|---|---|---|---|
| ReLU $(x)_+$ | $[0,\infty)$ | 0 or 1, at the kink any of $[0,1]$ | $(x)_+=\frac12(x+\lvert x\rvert)$ |
| absolute value | $[0,\infty)$ | $\operatorname{sign}x$, at the kink any of $[-1,1]$ | $\lvert x\rvert=2(x)_+-x$ |
| $\tanh x=\frac{e^x-e^{-x}}{e^x+e^{-x}}$ | $(-1,1)$ | $1-\tanh^2x$ | odd: $\tanh(-x)=-\tanh x$ |
| sigmoid $\sigma(x)=\frac1{1+e^{-x}}$ | $(0,1)$ | $\sigma(1-\sigma)\le\frac14$ | $\sigma(-x)=1-\sigma(x)$ |
"""

# %%
g = torch.linspace(-4, 4, 80).requires_grad_()  # 80 points, none of them 0
e, s = torch.exp(g), 1 / (1 + torch.exp(-g))
table = {  # function, derivative as in the table, identity: two sides
    "ReLU": (F.relu, (g > 0).double(), F.relu(g), (g + abs(g)) / 2),
    "absolute value": (torch.abs, torch.sign(g), abs(g), 2 * F.relu(g) - g),
    "tanh": (
        torch.tanh,
        1 - torch.tanh(g) ** 2,
        torch.tanh(g),
        (e - 1 / e) / (e + 1 / e),
    ),
    "sigmoid": (torch.sigmoid, s * (1 - s), torch.sigmoid(-g), 1 - s),
}
for name, (f, slope, one_side, other_side) in table.items():
    (auto,) = torch.autograd.grad(f(g).sum(), g)
    verify(f"{name}: derivative", auto, slope, atol=1e-12)
    verify(f"{name}: identity", one_side, other_side, atol=1e-14)

# %%
at = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
verify(
    "torch's slope of ReLU at −1, 0, 1",
    torch.autograd.grad(F.relu(at).sum(), at)[0],
    [0.0, 0.0, 1.0],
    atol=0,
)
h = 1e-6
verify(
    "difference quotients of ReLU at 0, from the left and from the right",
    [relu(-h) / -h, relu(h) / h],
    [0, 1],
    atol=1e-12,
)
verify(
    "ReLU is positively homogeneous",
    relu(2.7 * np.arange(-5, 5)),
    2.7 * relu(np.arange(-5, 5)),
    atol=1e-12,
)

# %% [markdown]
r"""
:::{admonition} At the kink there are not two derivatives but none
:class: correction
**The notes say** $\mathrm{ReLU}'(x)=0$ for $x\le0$ and $1$ for $x\ge0$, which gives two values at 0.

**Right is:** ReLU is not differentiable at 0. Its one-sided slopes are 0 and 1, and any number between them is a subgradient.
:::
"""

# %%
t = np.linspace(-1, 1, 201)
for slope in (0.0, 0.5, 1.0):
    verify_at_least(
        f"ReLU lies above the line of slope {slope} through its kink",
        (relu(t) - slope * t).min(),
        0.0,
    )

# %% mystnb={"image": {"alt": "ReLU, absolute value, tanh and sigmoid on the left, their derivatives on the right; the derivative of the sigmoid stays below one quarter."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.0))
for name, (f, slope, *_) in table.items():
    axes[0].plot(g.detach(), f(g).detach(), label=name)
    axes[1].plot(g.detach(), slope.detach())
axes[0].set(title="activation", xlabel="$x$", ylim=(-1.3, 3))
axes[1].set(title="derivative", xlabel="$x$")
fig.legend(loc="outside lower center", ncols=4)
plt.show()

# %% [markdown]
r"""
Since ReLU and $|\cdot|$ differ by a linear term, a network of one kind can be rewritten as one of the other with a skip term: $u^\top(z)_+=\frac12u^\top|z|+\frac12u^\top z$. And sigmoid and tanh are the same curve in other units.

(sigmoid-tanh-equivalence)=
Divide numerator and denominator of $\tanh t$ by $e^t$, then by hand

$$
\tanh t=\frac{1-e^{-2t}}{1+e^{-2t}}=\frac2{1+e^{-2t}}-1=2\sigma(2t)-1,\qquad\sigma(t)=\tfrac12\bigl(1+\tanh\tfrac t2\bigr).
$$ (eq-bp-tanh)

So every sigmoid network *is* a tanh network: halve the weights and biases that enter a unit; halve the weights that leave it and add half their sum to the next bias. We operate on a random 3-8-8-2 network.
"""

# %%
rng = np.random.default_rng(4)
sizes = [3, 8, 8, 2]
sig_net = [
    (rng.normal(size=(k, m)), rng.normal(size=k)) for m, k in zip(sizes, sizes[1:])
]
sigmoid = BENDS["sigmoid"]
tanh_net = []
for l, (W, b) in enumerate(sig_net):
    if l > 0:  # inputs are now (1 + tanh)/2
        W, b = W / 2, b + W.sum(1) / 2
    if l < 2:  # σ(z) needs tanh(z/2)
        W, b = W / 2, b / 2
    tanh_net.append((W, b))
P = rng.normal(size=(100, 3))
verify(
    "a sigmoid network rewritten as a tanh network",
    forward(P, tanh_net)[-1],
    forward(P, sig_net, sigmoid)[-1],
    atol=1e-12,
)
(W, b), (U, c) = sig_net[0], (rng.normal(size=(2, 8)), rng.normal(size=2))
Z = P @ W.T + b
verify(
    "a ReLU network rewritten with absolute values and a skip term",
    0.5 * abs(Z) @ U.T + 0.5 * Z @ U.T + c,
    relu(Z) @ U.T + c,
    atol=1e-12,
)
z = rng.normal(size=100_000)
verify(
    "normal input: mean output of tanh and of sigmoid",
    [np.tanh(z).mean(), sigmoid(z).mean()],
    [0.0, 0.5],
    atol=0.01,
)

# %% [markdown]
r"""
If they are all the same in strength, why care? Because they are not the same to *train*. Below: circles that a line cannot part, with and without a bend; then twenty layers deep, the gradient that arrives at the first layer over that at the last. Each sigmoid layer multiplies it by $\sigma'\le\frac14$.
"""

# %%
C, labels = datasets.make_circles(400, noise=0.05, factor=0.5, random_state=0)
C, labels = torch.tensor(C), torch.tensor(labels, dtype=torch.float64)
right = {}
for act in (nn.Identity, nn.ReLU, nn.Tanh):
    net = mlp(2, 16, 1, act=act)
    logit = lambda: net(C)[:, 0]
    minimise(
        net.parameters(),
        lambda: F.binary_cross_entropy_with_logits(logit(), labels),
        150,
        0.05,
    )
    right[act.__name__] = ((logit() > 0) == (labels > 0)).double().mean().item()
verify_at_most("circles, no bend: accuracy", right["Identity"], 0.65)
verify_at_least(
    "circles, ReLU and tanh: accuracy", [right["ReLU"], right["Tanh"]], 0.98
)

# %%
verify(
    "largest slope of the sigmoid",
    (sigmoid(t) * (1 - sigmoid(t))).max(),
    0.25,
    atol=1e-12,
)
verify_at_most("twenty factors of it", 0.25**20, 1e-12)
first_over_last = {}
for act in (nn.Sigmoid, nn.ReLU):
    net = mlp(10, *[32] * 19, 1, act=act)
    for f in net[::2]:
        nn.init.kaiming_normal_(f.weight)
    net(torch.randn(100, 10)).square().mean().backward()
    norms = [f.weight.grad.norm().item() for f in net[::2]]
    first_over_last[act] = norms[0] / norms[-1]
verify_at_most(
    "20 sigmoid layers: gradient at the first layer over the last",
    first_over_last[nn.Sigmoid],
    1e-6,
)
verify_at_least("20 ReLU layers: the same", first_over_last[nn.ReLU], 1e-3)

# %% [markdown]
r"""
Hence the customs: ReLU in hidden layers, sigmoid only to give out a probability, softmax for one of several classes, tanh in recurrent networks. And nothing forbids a bend with parameters of its own, such as $\sigma(\lambda x)$ with $\lambda$ learned:
"""

# %%
torch.manual_seed(0)
lam, u = nn.Parameter(torch.tensor(1.0)), torch.randn(1000)
target = torch.sigmoid(3 * u) + 0.05 * torch.randn(1000)
minimise([lam], lambda: F.mse_loss(torch.sigmoid(lam * u), target), 300, 0.05)
verify("a learnable slope finds the true λ = 3", lam, 3.0, atol=0.1)

# %% [markdown]
r"""
## What comes out

(output-units-as-inverse-link)=
The last layer decides what an output can *be*, and with it what noise we believe in:

| target | last layer | values | noise | loss: minus its log-likelihood |
|---|---|---|---|---|
| real numbers | affine | $\mathbb R^q$ | normal | $\frac12\lVert\hat y-y\rVert^2$ |
| yes or no | sigmoid | $(0,1)^q$ | Bernoulli | $-\sum_i[y_i\log\hat y_i+(1-y_i)\log(1-\hat y_i)]$ |
| one of $q$ | softmax | probability vectors | categorical | $-\sum_iy_i\log\hat y_i$ |

Each is the inverse link of a generalised linear model, applied to $z=\bar F(x)$. Paired like this, the three have something remarkable in common. For the sigmoid, $\log\hat y=-\log(1+e^{-z})$ and $\log(1-\hat y)=-z-\log(1+e^{-z})$, so the loss is $(1-y)z+\log(1+e^{-z})$ and its derivative

$$
\frac{\partial\mathcal R}{\partial z}=(1-y)-\frac{e^{-z}}{1+e^{-z}}=(1-y)-(1-\hat y)=\hat y-y .
$$ (eq-bp-error-signal)

*Prediction minus target*, and so it is for all three: whatever the last layer squashes, the loss unsquashes.
"""

# %%
torch.manual_seed(1)
z = (3 * torch.randn(40, 5)).requires_grad_()
one_of_five = F.one_hot(torch.randint(5, (40,)), 5).double()
yes_no = torch.randint(2, (40, 5)).double()
pairs = {
    "affine, normal": (z, torch.randn(40, 5), lambda p, y: 0.5 * (p - y) ** 2),
    "sigmoid, Bernoulli": (
        torch.sigmoid(z),
        yes_no,
        lambda p, y: -y * p.log() - (1 - y) * (1 - p).log(),
    ),
    "softmax, categorical": (
        torch.softmax(z, 1),
        one_of_five,
        lambda p, y: -y * p.log(),
    ),
}
for name, (p, target, loss) in pairs.items():
    (signal,) = torch.autograd.grad(loss(p, target).sum(), z)
    verify(
        f"{name}: error signal is prediction minus target",
        signal,
        p - target,
        atol=1e-10,
    )
p = torch.sigmoid(z)
(signal,) = torch.autograd.grad(0.5 * ((p - yes_no) ** 2).sum(), z)
verify(
    "sigmoid with squared error: the signal is (ŷ − y) ŷ (1 − ŷ) instead",
    signal,
    (p - yes_no) * p * (1 - p),
    atol=1e-10,
)

# %% [markdown]
r"""
The last line is why one does not pair a sigmoid with the squared error: a unit that is surely wrong ($\hat y\to0$ where $y=1$) has almost no signal left. And a head that cannot reach the targets cannot be trained to:
"""

# %%
verify(
    "sigmoid head: outputs in (0, 1) for 10⁴ random inputs",
    bool(
        ((s := torch.sigmoid(mlp(3, 8, 1)(torch.randn(10_000, 3)))) > 0).all()
        and (s < 1).all()
    ),
    True,
)
u = torch.linspace(-1, 1, 100)[:, None]
wide, unexplained = 5 * torch.sin(3 * u), {}  # targets in [−5, 5]
for name, head in (("sigmoid", torch.sigmoid), ("linear", lambda z: z)):
    net = mlp(1, 16, 1)
    error = minimise(
        net.parameters(), lambda: F.mse_loss(head(net(u)), wide), 500, 0.03
    )
    unexplained[name] = error / wide.var().item()
verify_at_least(
    "targets in [−5, 5], sigmoid head: error over variance", unexplained["sigmoid"], 0.5
)
verify_at_most("… linear head", unexplained["linear"], 0.01)

# %% [markdown]
r"""
(probabilistic-outputs)=
### Outputs that are distributions

Read the table from right to left and it becomes a recipe: choose a family $p(y;\mu)$, let the network give out its parameter, $x\mapsto\mu=F(x)\mapsto p(y;\mu)$, and train with $-\log p$. Every network then stands for a conditional law $p(y\mid x;F)$. For instance, let it give out a mean *and* a log-variance. The noise of the data below grows away from the centre, and nobody tells the network.
"""

# %%
torch.manual_seed(2)


def noisy(n):
    x = 6 * torch.rand(n, 1) - 3
    return x, torch.sin(x) + (0.1 + 0.2 * abs(x)) * torch.randn(n, 1)


(x_fit, y_fit), (x_new, y_new) = noisy(2000), noisy(2000)
both = mlp(1, 24, 2)


def normal_nll(x, y):
    mean, log_var = both(x).split(1, 1)
    return 0.5 * (log_var + (y - mean) ** 2 / log_var.exp()).mean()


minimise(both.parameters(), lambda: normal_nll(x_fit, y_fit), 500, 0.02)
with torch.no_grad():
    mean, log_var = both(x_new).split(1, 1)
standardised = (y_new - mean) / (log_var / 2).exp()
verify("standardised residuals: mean", standardised.mean(), 0.0, atol=0.1)
verify("… standard deviation", standardised.std(), 1.0, atol=0.1)
verify(
    "share of fresh points inside the 95 % band",
    (abs(standardised) < 1.96).double().mean(),
    0.95,
    atol=0.02,
)

# %% mystnb={"image": {"alt": "Noisy points around a sine, the predicted mean through them and the predicted 95 per cent band, narrow in the middle and wide at both ends."}} tags=["hide-input"]
at = torch.linspace(-3, 3, 200)[:, None]
with torch.no_grad():
    mean, log_var = (a[:, 0] for a in both(at).split(1, 1))
half = 1.96 * (log_var / 2).exp()
plt.plot(x_new[:600], y_new[:600], ".", ms=3, color=plot.GREY)
plt.plot(at, mean, color=plot.RED, label="predicted mean")
plt.fill_between(
    at[:, 0],
    mean - half,
    mean + half,
    color=plot.BLUE,
    alpha=0.25,
    label="predicted 95 % band",
)
plt.xlabel("$x$")
plt.ylabel("$y$")
plt.legend()
plt.show()

# %% [markdown]
r"""
(mixture-density-output)=
One bump may not be enough. Turn a function around, $x=y+0.3\sin2\pi y+\text{noise}$, and ask for $y$ given $x$: for some $x$ there are three answers, and their mean is none of them. A *mixture density* head {cite:p}`bishop1994` gives out weights $\pi_k$ (softmax), means and scales of

$$
p(y\mid x)=\sum_{k=1}^K\pi_k(x)\,\mathcal N\bigl(y;\mu_k(x),\sigma_k^2(x)\bigr),
$$ (eq-bp-mixture)

trained by a log-sum-exp so that no exponential underflows.
"""

# %%
torch.manual_seed(3)


def inverse(n):
    y = torch.rand(n, 1)
    return y + 0.3 * torch.sin(2 * np.pi * y) + 0.05 * torch.randn(n, 1), y


(xi, yi), (xj, yj) = inverse(1000), inverse(1000)


def log_density(net, x, y):
    """log p(y|x) of a mixture, (n,); the outputs of the net are logits, means, log-scales."""
    logit, mean, log_scale = net(x).chunk(3, 1)  # (n, K) each
    normal = (
        -0.5 * ((y - mean) / log_scale.exp()) ** 2
        - log_scale
        - 0.5 * math.log(2 * np.pi)
    )
    return torch.logsumexp(torch.log_softmax(logit, 1) + normal, 1)


heads = {}
for K in (1, 3):
    heads[K] = net = mlp(1, 20, 3 * K)
    with torch.no_grad():  # start with the bumps spread over the range, and narrow
        net[2].bias[K : 2 * K] = torch.linspace(0, 1, K + 2)[1:-1]
        net[2].bias[2 * K :] = -1.5
    minimise(net.parameters(), lambda: -log_density(net, xi, yi).mean(), 600, 0.01)
with torch.no_grad():
    test = {K: -log_density(net, xj, yj).mean().item() for K, net in heads.items()}
    ys_ = torch.linspace(-3, 4, 7001)[:, None]
    mass = [
        log_density(heads[3], torch.full_like(ys_, v), ys_).exp().sum() * 1e-3
        for v in (0.2, 0.5, 0.8)
    ]
verify_at_least(
    "three bumps instead of one: nats gained per unseen point", test[1] - test[3], 0.5
)
verify(
    "the mixture's mass over y, at three x", torch.stack(mass), np.ones(3), atol=1e-6
)

# %% mystnb={"image": {"alt": "Points on an S-shaped curve with the predicted density as shading: at middle x the density has three branches, and the mean of a single Gaussian runs between them."}} tags=["hide-input"]
gx, gy = torch.meshgrid(
    torch.linspace(0, 1, 90), torch.linspace(-0.1, 1.1, 90), indexing="ij"
)
with torch.no_grad():
    density = log_density(heads[3], gx.reshape(-1, 1), gy.reshape(-1, 1)).exp()
    single = heads[1](gx[:, :1])[:, 1]
plt.contourf(gx, gy, density.reshape(90, 90).sqrt(), 10, cmap="Blues")
plt.plot(xj[:300], yj[:300], ".", ms=3, color="black")
plt.plot(gx[:, 0], single, color=plot.RED, label="mean of a single Gaussian head")
plt.xlim(0, 1)
plt.xlabel("$x$")
plt.ylabel("$y$")
plt.legend(loc="upper left")
plt.show()
# %% [markdown]
r"""
## Anything, with enough width

(ridge-function)=
### A stack of pancakes

One unit is a *ridge function* $f(x)=\sigma(w^\top x+b)$. It cannot see a move at right angles to $w$, in two dimensions or in a thousand. Its level set at height $c$ is a union of parallel hyperplanes, one for each $d$ with $\sigma(d)=c$: $L_f(c)=\bigcup_{d\in\sigma^{-1}(c)}\{x:w^\top x+b=d\}$. The linear part chooses the direction, $\sigma$ draws the profile.
"""

# %%
rng = np.random.default_rng(5)
for n in (2, 10):
    w, b, x = rng.normal(size=n), 0.3, rng.normal(size=n)
    moves = rng.normal(size=(100, n))
    moves -= np.outer(moves @ w, w) / (w @ w)  # now orthogonal to w
    verify(
        f"sin profile in {n} dimensions: 100 moves at right angles to w",
        np.sin((x + moves) @ w + b),
        np.full(100, np.sin(w @ x + b)),
        atol=1e-12,
    )
along = np.array(
    [(d - b) / (w @ w) * w for d in (np.pi / 6, 5 * np.pi / 6, 13 * np.pi / 6)]
)
verify(
    "three hyperplanes of the level set sin = ½",
    np.sin(along @ w + b),
    np.full(3, 0.5),
    atol=1e-12,
)

# %% [markdown]
r"""
(ridge-function-gradient)=
By the chain rule $\nabla f=\sigma'(z)\,w$ with $z=w^\top x+b$, wherever $\sigma$ is differentiable at $z$: the gradient always points along $w$.

(generalized-linear-and-rectified-units)=
So units are modest generalisations of linear maps: level sets stay hyperplanes, only the profile bends. *Rectified* units are continuous and linear on polyhedra, with kinks on the faces; *generalised linear* units take a smooth invertible profile such as the sigmoid.
"""

# %%
w, b = torch.tensor([0.8, -1.7]), 0.4
P = torch.randn(200, 2).requires_grad_()
z = (P @ w + b).detach()
slopes = {
    torch.sigmoid: torch.sigmoid(z) * (1 - torch.sigmoid(z)),
    torch.tanh: 1 - torch.tanh(z) ** 2,
    torch.relu: (z > 0).double(),
}
for f, slope in slopes.items():
    (auto,) = torch.autograd.grad(f(P @ w + b).sum(), P)
    verify(
        f"∇{f.__name__}(wᵀx + b) = slope times w", auto, slope[:, None] * w, atol=1e-12
    )
    verify(
        f"{f.__name__}: no gradient across w",
        auto @ torch.tensor([1.7, 0.8]),
        np.zeros(200),
        atol=1e-12,
    )

# %%
a, step = P.detach(), 1e-2 * torch.randn(200, 2)
pre = torch.stack([(a + k * step) @ w + b for k in (-1, 0, 1)])
same_side = (pre > 0).all(0) | (pre < 0).all(0)
second = torch.relu(pre[0]) - 2 * torch.relu(pre[1]) + torch.relu(pre[2])
verify(
    "a rectified unit inside a polyhedron: second differences",
    second[same_side],
    np.zeros(int(same_side.sum())),
    atol=1e-12,
)

# %% [markdown]
r"""
One ridge is dull. But ridges of many directions can add up to things that have no direction at all. Each wave below, $\cos(w_k^\top x)$, is a ridge; add waves from more and more directions.
"""


# %% tags=["hide-input"]
def average_wave(x1, x2, directions):
    angles = np.pi * np.arange(directions) / directions
    return sum(np.cos(np.cos(t) * x1 + np.sin(t) * x2) for t in angles) / directions


def sum_of_ridges(directions):
    g = np.linspace(-12, 12, 90)
    fig, ax = plt.subplots(figsize=(6.8, 3.4))
    ax.contourf(
        g, g, average_wave(g[None, :], g[:, None], directions), 10, cmap="cividis"
    )
    ax.set(
        aspect="equal",
        xlabel="$x_1$",
        ylabel="$x_2$",
        title=f"directions: {directions}",
    )
    ax.grid(False)
    return fig


explore(
    sum_of_ridges,
    alt="Contours of a mean of plane waves: stripes for one, a lattice for a few, concentric rings for sixteen",
    directions=[1, 2, 3, 4, 6, 8, 16],
)

# %%
P = np.random.default_rng(6).uniform(-8, 8, (2, 500))
verify(
    "64 waves make a round ripple: Bessel's J₀ of the distance",
    average_wave(*P, 64),
    j0(np.hypot(*P)),
    atol=1e-10,
)

# %% [markdown]
r"""
(compact-set)=
### What "approximate" means

On a *compact* set a continuous function attains its maximum, so one can speak of *the* largest error. In $\mathbb R^d$ compact means closed and bounded (Heine and Borel).
"""

# %%
grid = np.geomspace(1e-12, 1, 1000)
verify(
    "1/x on [0.01, 1]: its maximum", (1 / grid[grid >= 0.01]).max(), 100.0, rtol=0.03
)
verify_at_least("1/x on (0, 1], on a finer grid", (1 / grid).max(), 1e11)
E = np.eye(100)  # the unit vectors e_1 ... e_100
distances = np.linalg.norm(E[:, None] - E[None], axis=2)[np.triu_indices(100, 1)]
verify(
    "bounded, yet all of them √2 apart",
    distances,
    np.full(4950, np.sqrt(2)),
    atol=1e-12,
)

# %% [markdown]
r"""
:::{admonition} Closed and bounded is enough in finite dimensions only
:class: correction
**The notes say** without restriction that compact means closed and bounded.

**Right is:** that holds in $\mathbb R^d$. In the space of square-summable sequences the unit vectors $e_1,e_2,\dots$ lie in the closed unit ball, and since any two are $\sqrt2$ apart, as the check above shows for a hundred of them, no subsequence converges.
:::

(dense-function-class)=
:::{prf:definition} Dense in the continuous functions
:label: def-bp-dense
A class $\mathcal H\subset C(\mathbb R^d)$ is *dense* if for every $f\in C(\mathbb R^d)$, every compact $K$ and every $\epsilon>0$ some $h\in\mathcal H$ has $\max_{x\in K}|f(x)-h(x)|<\epsilon$.
:::

Polynomials are dense (Weierstrass), affine functions are not. Watch the largest error on $[-1,1]$ for $f(x)=|x-0.3|+\sin3x$ as the class grows.
"""


# %%
def pieces(f, knots):
    """Affine term and kinks of the interpolant: c, s, [(knot, change of slope), ...]."""
    slopes = np.diff(f(knots)) / np.diff(knots)
    return f(knots)[0] - slopes[0] * knots[0], slopes[0], knots[1:-1], np.diff(slopes)


def one_hidden_layer(x, c, s, kinks, change):
    """An affine term plus one rectified unit for each kink."""
    return c + s * x + relu(x[:, None] - kinks) @ change


# %%
f = lambda x: abs(x - 0.3) + np.sin(3 * x)
xx, sizes = np.linspace(-1, 1, 4001), np.array([4, 8, 16, 32, 64, 128])
by_relu = [
    abs(f(xx) - one_hidden_layer(xx, *pieces(f, np.linspace(-1, 1, q + 1)))).max()
    for q in sizes
]
by_poly = [
    abs(f(xx) - np.polynomial.Chebyshev.interpolate(f, q)(xx)).max() for q in sizes
]
verify_at_most(
    "128 kinks or degree 128: largest error", [by_relu[-1], by_poly[-1]], 1e-2
)
lp = optimize.linprog(
    [0, 0, 1],
    np.r_[np.c_[xx, xx**0, -(xx**0)], np.c_[-xx, -(xx**0), -(xx**0)]],
    np.r_[f(xx), -f(xx)],
    bounds=(None, None),
)
verify_at_least("the best affine function stays this far away", lp.fun, 0.3)

# %% mystnb={"image": {"alt": "Largest error against size, double logarithmic: ReLU networks and polynomials fall steadily, the best affine function is a horizontal line."}} tags=["hide-input"]
plt.loglog(sizes, by_relu, "o-", color=plot.BLUE, label="rectified units")
plt.loglog(sizes, by_poly, "o-", color=plot.RED, label="degree of the polynomial")
plt.axhline(lp.fun, color=plot.GREY, ls=":", label="best affine function")
plt.xlabel("size")
plt.ylabel("largest error on [−1, 1]")
plt.legend()
plt.show()

# %% [markdown]
r"""
(universal-approximation-theorem)=
### The theorem

:::{prf:theorem} Universal approximation
:label: thm-bp-universal
Let $\sigma$ be continuous and not a polynomial. On every compact $\Omega\subset\mathbb R^n$ the functions

$$
x\mapsto\sum_{k=1}^qu_k\,\sigma(w_k^\top x+b_k),\qquad q\in\mathbb N,
$$ (eq-bp-universal)

are dense in $C(\Omega)$: for each continuous $f$ and $\epsilon>0$ there are $q,u,w,b$ with error at most $\epsilon$ on $\Omega$.
:::

{cite:t}`cybenko1989` proved it for sigmoidal $\sigma$, {cite:t}`leshno1993` in this form. For smooth $\sigma$ on a line the idea is one formula. Three units with almost equal weights form a difference quotient *in the weight*:

$$
\frac{\sigma((w+h)x+b)-2\sigma(wx+b)+\sigma((w-h)x+b)}{h^2}\;\longrightarrow\;\frac{\partial^2}{\partial w^2}\sigma(wx+b)=x^2\,\sigma''(wx+b).
$$ (eq-bp-monomial)

At $w=0$ the last factor is a number, so three units make $x^2$; $k+1$ units make $x^k$, if only some $b$ has $\sigma^{(k)}(b)\ne0$, and that fails for all $b$ only when $\sigma$ is a polynomial. Monomials make polynomials, and those are dense. In $\mathbb R^n$ sums of ridge functions finish the proof, as the ripple suggested.
"""

# %%
b, h = 1.0, 1e-2
x = np.linspace(-1, 1, 101)
s = sigmoid(b)
curvature = s * (1 - s) * (1 - 2 * s)  # σ''(b)
quotient = (sigmoid(h * x + b) - 2 * s + sigmoid(-h * x + b)) / h**2
verify("three sigmoid units make x² σ″(b)", quotient, x**2 * curvature, atol=1e-4 * 0.1)

# %% [markdown]
"""
Does it take cunning to find the weights? For one wave, no: draw the inner weights at random and solve for the outer ones by least squares. Add units and watch the error.
"""

# %%
wave = lambda x: np.sin(3 * np.pi * x)
xx = np.linspace(-1, 1, 400)


def random_features(f, q, seed, scale=10.0, same=False):
    """Sigmoid units with random inner and least-squares outer weights, on the grid xx."""
    rng = np.random.default_rng(seed)
    k = 1 if same else q
    w = rng.normal(0, scale, k)
    b = -w * rng.uniform(-1, 1, k)  # so that each bend lies in [−1, 1]
    Phi = sigmoid(np.outer(xx, w) + b) * np.ones(q)  # (400, q)
    return Phi, Phi @ np.linalg.lstsq(Phi, f(xx), rcond=None)[0]


error = {
    q: np.median(
        [abs(random_features(wave, q, seed)[1] - wave(xx)).max() for seed in range(15)]
    )
    for q in (10, 20, 40, 80)
}
verify_at_most(
    "random sigmoid units, 20, 40 and 80: median largest error",
    np.array([error[q] for q in (20, 40, 80)]),
    np.array([0.1, 1e-4, 1e-7]),
)


# %% tags=["hide-input"]
def sum_of_units(q):
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    fitted = random_features(wave, q, 4)[1]
    ax.plot(xx, wave(xx), color=plot.GREY, lw=1, label="target")
    ax.plot(xx, fitted, color=plot.RED, label=f"{q} units")
    ax.set(
        xlabel="$x$",
        ylim=(-1.8, 1.8),
        title=f"largest error {abs(fitted - wave(xx)).max():.1e}",
    )
    ax.legend(loc="upper right", ncols=2)
    return fig


explore(
    sum_of_units,
    alt="A sine of three periods and its fit by q random sigmoid units: flat for few, indistinguishable from forty on",
    q=[5, 10, 14, 18, 22, 30, 40, 80],
)

# %% [markdown]
r"""
:::{admonition} Every unit has its own weights
:class: correction
**The notes say** that any function is a sum $\sum_ku_k\,\varphi(x)$ with one $\varphi=\sigma(Wx+b)$, always the same $W$ and $b$.

**Right is:** each unit has its own $w_k,b_k$. With the same ones the sum is $\bigl(\sum_ku_k\bigr)\varphi(x)$, a multiple of one function, and nothing is approximated. And "any function" must read: any continuous function on a compact set.
:::
"""

# %%
for q in (10, 80):
    Phi, fitted = random_features(wave, q, 0, same=True)
    verify(f"{q} units with the same weights: rank", np.linalg.matrix_rank(Phi), 1)
    verify_at_least("… largest error", abs(fitted - wave(xx)).max(), 0.9)

# %% [markdown]
r"""
(polynomial-activations-not-universal)=
And the condition on $\sigma$ is needed. With a polynomial of degree $k$ every unit is a polynomial of degree $k$ in $x$, and so is every sum of them, at any width. Squares, for example:
"""

# %%
errors = []
for m in (10, 1000):
    rng = np.random.default_rng(7)
    w, b = rng.normal(size=(2, m))
    Phi = np.c_[(np.outer(xx, w) + b) ** 2, np.ones(400)]
    verify(f"{m} squaring units: rank of the features", np.linalg.matrix_rank(Phi), 3)
    target = np.sin(2 * np.pi * xx)
    fitted = Phi @ np.linalg.lstsq(Phi, target, rcond=None)[0]
    errors.append(np.mean((fitted - target) ** 2))
verify(
    "10 and 1000 squaring units: difference of their best errors",
    errors[1] - errors[0],
    0.0,
    atol=1e-8,
)

# %% [markdown]
r"""
(universality-is-not-learnability)=
### What the theorem does not say

How large $q$ must be; how to find the weights; whether the result is right between the points. A fast wave shows the gap between *exists* and *is found*: eighty sigmoid units can follow $\sin40x$, and an equally wide network, trained in the usual way from the usual start, does not get anywhere.
"""

# %%
fast = lambda x: np.sin(40 * x)
exists = np.median(
    [
        np.mean((random_features(fast, 80, seed, 60.0)[1] - fast(xx)) ** 2)
        for seed in range(5)
    ]
)
net = mlp(1, 80, 1, act=nn.Sigmoid)
found = minimise(
    net.parameters(), lambda: F.mse_loss(net(column(xx)), column(fast(xx))), 1000, 1e-3
)
verify_at_most("sin 40x: error of 80 units that exist", exists, 1e-2)
verify_at_least(
    "… of 80 units after training, where ½ is predicting nothing", found, 0.3
)

# %%
hits = []
for seed in range(20):
    rng = np.random.default_rng(seed)
    Xr, yr = rng.normal(size=(40, 3)), rng.choice([-1.0, 1.0], 40)  # random labels
    Phi = sigmoid(3 * Xr @ rng.normal(size=(3, 80)) + rng.normal(size=80))
    u = np.linalg.lstsq(Phi[:20], yr[:20], rcond=None)[0]
    hits.append(
        [abs(Phi[:20] @ u - yr[:20]).max(), np.mean(np.sign(Phi @ u)[20:] == yr[20:])]
    )
hits = np.array(hits)
verify_at_most(
    "20 random labels, 80 units: largest training error", hits[:, 0].max(), 1e-8
)
verify(
    "… share right on 20 further labels, which nobody can know",
    hits[:, 1].mean(),
    0.5,
    atol=0.12,
)

# %% [markdown]
r"""
## Counting the pieces

(relu-networks-piecewise-linear)=
### Every ReLU network is folded paper

Sums and compositions of continuous piecewise-linear functions are continuous and piecewise linear, so every ReLU network is, at any depth. On each region where the same units are active it *is* one affine map. In one dimension the converse is as easy. A function with kinks at $t_1<\dots<t_q$, slope $s_0$ at the left and jumps $\delta_k$ of the slope is

$$
f(x)=c+s_0x+\sum_{k=1}^q\delta_k\,(x-t_k)_+ ,
$$ (eq-bp-kinks)

one unit for each kink.
"""

# %%
rng = np.random.default_rng(8)
W1, b1, u = rng.normal(size=12), rng.normal(size=12), rng.normal(size=12)
line = lambda x: relu(np.outer(x, W1) + b1) @ u
g = np.linspace(-6, 6, 20_001)
bends = abs(np.diff(line(g), 2)) > 1e-9
runs = np.sum(bends[1:] & ~bends[:-1]) + bends[0]
verify(
    "12 units on a line: kinks found, against −b/w inside the window",
    runs,
    np.sum(abs(b1 / W1) < 6),
)
knots = np.sort(rng.uniform(-1, 1, 8))  # two ends and six kinks
heights = rng.normal(size=8)
target = lambda x: np.interp(x, knots, heights)
inside = np.linspace(knots[0], knots[-1], 1000)
verify(
    "a random function with six kinks, rebuilt from six units",
    one_hidden_layer(inside, *pieces(target, knots)),
    target(inside),
    atol=1e-12,
)

# %% [markdown]
"""
In two dimensions, colour each point by the set of units that are active there. Within one colour the Jacobian must not change.
"""

# %%
net2 = mlp(2, 8, 6, 1, act=nn.ReLU, seed=3)
side = torch.linspace(-3, 3, 120)
P = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
with torch.no_grad():
    h1 = net2[0](P)
    active = torch.cat([h1 > 0, net2[2](F.relu(h1)) > 0], 1)  # (14400, 14)
_, region = torch.unique(active, dim=0, return_inverse=True)
P.requires_grad_()
(J,) = torch.autograd.grad(net2(P).sum(), P)
first = torch.zeros(region.max() + 1, dtype=int).scatter_(
    0, region, torch.arange(len(P))
)
verify("one Jacobian for each activation pattern", J, J[first[region]], atol=1e-12)
verify_at_least("patterns seen in the window", int(region.max()) + 1, 20)

# %% mystnb={"image": {"alt": "The plane divided into polygons by a two-layer ReLU network: straight cuts by the first layer, bent cuts by the second, each polygon in a colour of its own."}} tags=["hide-input"]
shuffled = np.random.default_rng(0).permutation(int(region.max()) + 1)[region]
plt.figure(figsize=(6.8, 3.4))
plt.imshow(
    shuffled.reshape(120, 120),
    origin="lower",
    extent=(-3, 3, -3, 3),
    cmap="tab20",
    interpolation="nearest",
    aspect="auto",
)
plt.grid(False)
plt.xlabel("$x_1$")
plt.ylabel("$x_2$")
plt.show()

# %% [markdown]
r"""
(relu-networks-are-universal)=
### Building the approximation by hand

Formula [above](#eq-bp-kinks) is a construction. To follow $f$ on $[0,1]$ take $q$ equal pieces and let the slopes be those of the chords. Between two knots at distance $h=1/q$, the error of a chord is $\frac12(x-a)(b-x)\,|f''(\xi)|$ for some $\xi$, and $(x-a)(b-x)$ is largest in the middle, $h^2/4$, so

$$
\max_{[0,1]}|f-f_q|\le\frac1{8q^2}\max|f''| .
$$ (eq-bp-rate)

Doubling the width quarters the error. For $f=\exp$ the bound is $e/8q^2$. (In $\mathbb R^n$ one hidden layer of ReLU or $|\cdot|$ units is dense on compact sets too; ReLU is not a polynomial.)
"""

# %%
x01, widths, errors = np.linspace(0, 1, 20_001), np.array([8, 16, 32, 64, 128]), []
for q in widths:
    net = pieces(np.exp, np.linspace(0, 1, q + 1))
    at_knots = one_hidden_layer(np.linspace(0, 1, q + 1), *net)
    errors.append(abs(one_hidden_layer(x01, *net) - np.exp(x01)).max())
verify(
    "exp: exact at the 129 knots", at_knots, np.exp(np.linspace(0, 1, 129)), atol=1e-12
)
ratio = np.array(errors) / (np.e / (8 * widths**2))
verify_at_most("exp: largest error over the bound e/8q²", ratio, 1.0)
verify_at_least("… and the bound is nearly attained", ratio, 0.9)
verify(
    "128 instead of 64 pieces: the error shrinks by",
    errors[-2] / errors[-1],
    4.0,
    rtol=0.03,
)


# %% tags=["hide-input"]
def by_hand(q):
    knots = np.linspace(0, 1, q + 1)
    f = lambda x: np.sin(6 * x) * np.exp(x)
    fitted = one_hidden_layer(x01[::50], *pieces(f, knots))
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    ax.plot(x01[::50], f(x01[::50]), color=plot.GREY, lw=1, label="$e^x\\sin6x$")
    ax.plot(x01[::50], fitted, color=plot.RED, label=f"{q} pieces")
    ax.plot(knots, f(knots), ".", color=plot.RED)
    ax.set(
        xlabel="$x$",
        ylim=(-2.8, 2.2),
        title=f"largest error {abs(fitted - f(x01[::50])).max():.4f}",
    )
    ax.legend(loc="lower left")
    return fig


explore(
    by_hand,
    alt="A smooth curve and its piecewise-linear interpolant by a ReLU network, closer with every piece",
    q=[2, 3, 4, 6, 8, 12, 16, 32],
)

# %% [markdown]
r"""
:::{admonition} No exact copy, but any accuracy
:class: correction
**The notes say** that there is no hope for a ReLU network if the target is not piecewise linear, and a few lines later that any continuous function can be approximated.

**Right is:** the latter. There is no exact representation, but any accuracy on a compact set, at the rate above.
:::
"""

# %%
verify_at_least(
    "exp with 128 pieces: not exact, its error is more than", errors[-1], 1e-5
)
q = math.ceil(np.sqrt(np.e / 8e-6))
fine = one_hidden_layer(x01, *pieces(np.exp, np.linspace(0, 1, q + 1)))
verify_at_most(
    f"exp to one part in a million, {q} pieces", abs(fine - np.exp(x01)).max(), 1e-6
)

# %% [markdown]
r"""
(relu-region-counting)=
### One layer: how many pieces?

$m$ units draw $m$ hyperplanes. How many cells do they cut? Add the last one: it is itself cut by the others into cells of one dimension less, and each of those splits an old cell in two. So $R(m,n)=R(m-1,n)+R(m-1,n-1)$, which is Pascal's rule summed:

$$
R(m,n)=\sum_{i=0}^{\min(m,n)}\binom mi ,
$$ (eq-bp-cells)

attained in general position {cite:p}`zaslavsky1975`. We ask a linear program, for every one of the $2^m$ activation patterns, whether any point has it.
"""


# %%
def cells(W, b):
    """How many sign patterns of Wx + b occur, by one linear program for each."""
    m, n = W.shape
    count = 0
    for s in itertools.product((-1, 1), repeat=m):
        s = np.array(s)[:, None]  # largest t with s (Wx + b) >= t, t <= 1
        lp = optimize.linprog(
            np.r_[np.zeros(n), -1],
            np.c_[-s * W, np.ones(m)],
            s[:, 0] * b,
            bounds=[(None, None)] * n + [(None, 1)],
        )
        count += lp.x[-1] > 1e-7
    return count


R = lambda m, n: sum(math.comb(m, i) for i in range(min(m, n) + 1))
rng = np.random.default_rng(9)
shapes = [(m, n) for m in (3, 5) for n in (1, 2, 3)]
verify(
    "cells of 3 and 5 hyperplanes in 1, 2, 3 dimensions, counted",
    np.array([cells(rng.normal(size=s), rng.normal(size=s[0])) for s in shapes]),
    np.array([R(*s) for s in shapes]),
)
W, b = rng.normal(size=(4, 2)), rng.normal(size=4)
verify("four lines through one point", cells(W, np.zeros(4)), 8)
verify("four parallel lines", cells(np.outer(np.ones(4), W[0]), b), 5)


# %% tags=["hide-input"]
def cut(m):
    rng = np.random.default_rng(1)
    angle, offset = rng.uniform(0, np.pi, 12)[:m], rng.uniform(-1.5, 1.5, 12)[:m]
    g = np.linspace(-4, 4, 240)
    above = np.cos(angle) * g[None, :, None] + np.sin(angle) * g[:, None, None] > offset
    code = above @ (2.0 ** np.arange(m))
    fig, ax = plt.subplots(figsize=(6.8, 3.4))
    ax.imshow(
        np.unique(code, return_inverse=True)[1].reshape(240, 240) * 7 % 20,
        origin="lower",
        extent=(-4, 4, -4, 4),
        cmap="tab20",
        interpolation="nearest",
        vmin=0,
        vmax=20,
    )
    ax.grid(False)
    ax.set(
        xlabel="$x_1$",
        ylabel="$x_2$",
        title=f"lines: {m}, cells in the whole plane: {R(m, 2)}",
    )
    return fig


explore(
    cut,
    alt="The plane cut by m lines, each cell in its own colour; the number of cells grows with the square of m",
    m=[1, 2, 3, 4, 5, 6, 8, 10, 12],
)

# %% [markdown]
r"""
(montufar-depth-theorem)=
### Depth folds

A hundred lines make at most 5,051 cells in the plane: polynomially many. Depth is stronger, because a layer can *fold*: map several regions onto the same image, so that whatever the next layer draws is drawn on all of them. The tent $T(x)=2(x)_+-4(x-\frac12)_+$ folds $[0,1]$ once, with two units. Compose it.
"""

# %%
tent = lambda x: 2 * relu(x) - 4 * relu(x - 0.5)
dyadic = np.arange(2**10 + 1) / 2**10  # every kink of T∘…∘T (8 times) lies on it
counts, out = [], dyadic
for L in range(1, 9):
    out = tent(out)
    counts.append(1 + np.sum(np.diff(out, 2) != 0))
verify(
    "L tents of two units each: linear pieces", np.array(counts), 2 ** np.arange(1, 9)
)


# %% tags=["hide-input"]
def folded(L):
    x, y = np.linspace(0, 1, 1025), np.linspace(0, 1, 1025)
    for _ in range(L):
        y = tent(y)
    fig, ax = plt.subplots(figsize=(6.8, 2.6))
    ax.plot(x, y, color=plot.BLUE, lw=1.3)
    ax.set(
        xlabel="$x$",
        ylim=(-0.05, 1.1),
        title=f"{2 * L} units, depth {L}: {2**L} pieces; in one layer at most {2 * L + 1}",
    )
    return fig


explore(
    folded,
    alt="The tent map composed L times: a zigzag of two to the L straight pieces",
    L=[1, 2, 3, 4, 5, 6, 7, 8],
)

# %% [markdown]
r"""
{cite:t}`montufar2014` did it with $n$ inputs: each of $L-1$ layers of width $m$ folds every coordinate $\lfloor m/n\rfloor$ times, the last one cuts the cells. So there are networks with at least

$$
\Bigl\lfloor\frac mn\Bigr\rfloor^{n(L-1)}\sum_{i=0}^n\binom mi
$$ (eq-bp-montufar)

linear regions, $\Omega\bigl((m/n)^{n(L-1)}m^n\bigr)$: for $m>n$ exponential in depth. One layer with as many units has [polynomially many](#eq-bp-cells). In the next cell we also build the smallest case, two inputs, and count its regions.
"""

# %%
deep_bound = lambda m, n, L: (m // n) ** (n * (L - 1)) * R(m, n)
verify(
    "m = 8, n = 2: regions guaranteed with 1, 2, 3 layers",
    np.array([deep_bound(8, 2, L) for L in (1, 2, 3)]),
    np.array([37, 592, 9472]),
)
verify(
    "… possible with one layer of 8, 16, 24 units",
    np.array([R(8 * L, 2) for L in (1, 2, 3)]),
    np.array([37, 137, 301]),
)
g = (np.arange(512) + 0.5) / 512
rng = np.random.default_rng(10)
lines, offsets = (
    np.array([[1, 0.3], [0.4, -1], [0.9, 1.0], [-1, 0.8]]),
    [0.6, -0.3, 0.9, 0.05],
)
fx, fy = np.meshgrid(tent(g), tent(g))  # four units fold the square in four
pattern = (np.stack([fx, fy], -1) @ lines.T > offsets) @ 2 ** np.arange(4)
quarter = 2 * (g[:, None] > 0.5) + (g[None] > 0.5)
in_one = len(np.unique(pattern[:256, :256]))
verify(
    "two inputs folded once: cells drawn by four lines, times four",
    len(np.unique(pattern + 16 * quarter)),
    4 * in_one,
)

# %% [markdown]
r"""
(hinge-function)=
### Maxima of affine functions

Glue two hyperplanes along their intersection, $g(x)=\max(w_1^\top x+b_1,\,w_2^\top x+b_2)$: a *hinge*. The face is where both agree, $(w_1-w_2)^\top x+(b_1-b_2)=0$. A maximum of $k$ affine functions is a *$k$-hinge*, convex and piecewise linear; and $\max(u,v)=v+(u-v)_+$ writes a hinge as an affine function and one ReLU.
"""

# %%
rng = np.random.default_rng(11)
(w1, w2), (b1, b2) = rng.normal(size=(2, 3)), rng.normal(size=2)
hinge = lambda x: np.maximum(x @ w1 + b1, x @ w2 + b2)
P, Q, s = rng.normal(size=(1000, 3)), rng.normal(size=(1000, 3)), rng.uniform(size=1000)
verify(
    "hinge = affine + ReLU",
    hinge(P),
    P @ w2 + b2 + relu(P @ (w1 - w2) + b1 - b2),
    atol=1e-12,
)
chord = s * hinge(P) + (1 - s) * hinge(Q) - hinge((P.T * s + Q.T * (1 - s)).T)
verify_at_least(
    "hinge: smallest gap of a thousand chords", chord.min(), 0.0, atol=1e-12
)
v = w1 - w2
face = P - np.outer((P @ v + b1 - b2) / (v @ v), v)
verify("on the face both pieces agree", face @ w1 + b1, face @ w2 + b2, atol=1e-12)

# %% [markdown]
r"""
(maxout)=
A *maxout* unit is a $k$-hinge with learned pieces {cite:p}`goodfellow2013`, an activation that is itself learned. ReLU is maxout with one piece zero, $|x|$ with pieces $x,-x$. Its authors reported that it trains fast and beats sigmoids and ReLUs, mostly on small data. How well can $k$ pieces follow $x^2$ on $[-1,1]$? Take tangents at equal distances $2/k$: between two neighbours the error is largest where they cross, half-way, and there it is the square of half the distance, $1/k^2$.
"""

# %%
x = np.linspace(-1, 1, 6401)
verify("ReLU as maxout", np.maximum(x, 0 * x), relu(x), atol=1e-15)
verify("|x| as maxout", np.maximum(x, -x), abs(x), atol=1e-15)
for k in (4, 8, 16):
    touch = -1 + (2 * np.arange(k) + 1) / k
    maxout = np.max(2 * np.outer(x, touch) - touch**2, axis=1)
    verify(
        f"x² by {k} tangents: largest error", (x**2 - maxout).max(), 1 / k**2, atol=1e-6
    )

# %% [markdown]
r"""
(hinging-hyperplanes-theorem)=
:::{prf:theorem} Hinging hyperplanes
:label: thm-bp-hinges
Every continuous piecewise-linear $f:\mathbb R^n\to\mathbb R$ is a signed sum of hinges, exactly: $f=\sum_i\theta_ig_i$ with $\theta_i=\pm1$ and $k_i$-hinges $g_i$, $k_i\le n+1$ {cite:p}`wang2005`.
:::

Hinges were proposed by {cite:t}`breiman1993`. Since a maximum of $k$ numbers takes $\lceil\log_2k\rceil$ rounds of pairwise maxima, ReLU networks with $\lceil\log_2(n+1)\rceil$ hidden layers represent all of these functions {cite:p}`arora2018`. On the line, $k_i\le2$ and [the kink formula](#eq-bp-kinks) is the proof: $\delta(x-t)_+=\pm\max(0,|\delta|(x-t))$.
"""

# %%
c, s0, t, delta = pieces(target, knots)
hinges = np.sign(delta) * np.maximum(0, abs(delta) * (inside[:, None] - t))
verify(
    "six kinks as signed 2-hinges and an affine term",
    c + s0 * inside + hinges.sum(1),
    target(inside),
    atol=1e-12,
)

# One ReLU layer makes two pairwise maxima, the next their maximum: max(u, v) = v + (u − v)₊.
pair = np.array([[1, -1], [0, 1], [0, -1]])  # (u, v) to u − v, v, −v
A1 = np.block([[pair, np.zeros((3, 2))], [np.zeros((3, 2)), pair]])  # (6, 4)
back = np.kron(np.eye(2), [[1, 1, -1]])  # both maxima, (2, 6)
V = rng.normal(size=(500, 4))
verify(
    "max of four numbers with two ReLU layers",
    relu(relu(V @ A1.T) @ (pair @ back).T) @ [1, 1, -1],
    V.max(1),
    atol=1e-12,
)

# %% [markdown]
r"""
:::{admonition} The logarithm counts layers, not pieces
:class: correction
**The notes say** that $k\le\log_2(n+1)$ pieces to a hinge are enough.

**Right is:** $k\le n+1$. For $n=1$ the printed bound allows $k=1$ only, that is, affine functions, and none of these is closer to $|x|$ on $[-1,1]$ than $\frac12$. The number $\lceil\log_2(n+1)\rceil$ is that of nested ReLU layers.
:::
"""

# %%
x = np.linspace(-1, 1, 201)
lp = optimize.linprog(
    [0, 0, 1],
    np.r_[np.c_[x, x**0, -(x**0)], np.c_[-x, -(x**0), -(x**0)]],
    np.r_[abs(x), -abs(x)],
    bounds=(None, None),
)
verify("|x| by one affine piece: the smallest largest error", lp.fun, 0.5, atol=1e-9)

# %% [markdown]
r"""
(wang-difference-theorem)=
Group the hinges by their sign and every continuous piecewise-linear function is a *difference of two convex ones*, each a maximum of finitely many affine functions {cite:p}`wang2004`:

$$
f(x)=\max_{(w,b)\in A^+}\{w^\top x+b\}-\max_{(w,b)\in A^-}\{w^\top x+b\} .
$$ (eq-bp-wang)

So two maxout units and a subtraction are enough for all of them. On the line: put the kinks that bend upwards into the first, the others into the second.
"""

# %%
knots = np.linspace(-2, 2, 14)  # 12 kinks
f13 = lambda x: np.interp(x, knots, np.cos(3 * knots))
c, s0, t, delta = pieces(f13, knots)


def as_maximum(c, s, jumps):
    """The affine pieces (slope, offset) of a convex function with these upward jumps."""
    slopes = s + np.r_[0, np.cumsum(jumps)]
    return slopes, c - np.r_[0, np.cumsum(jumps * t)]


up, down = as_maximum(c, s0, relu(delta)), as_maximum(0, 0, relu(-delta))
x = np.linspace(-2, 2, 1000)
top = lambda piece: np.max(np.outer(x, piece[0]) + piece[1], axis=1)
verify(
    "cos 3x interpolated at 14 points, as a difference of two maxima",
    top(up) - top(down),
    f13(x),
    atol=1e-12,
)

# %% [markdown]
r"""
:::{admonition} Exact for folded paper only
:class: correction
**The notes say** that a network of two maxout units is a universal approximator "exactly".

**Right is:** it represents piecewise-linear targets exactly; other continuous functions are only approximated, to any accuracy on a compact set.
:::
"""

# %%
gap = [
    abs(np.interp(x, k, np.cos(3 * k)) - np.cos(3 * x)).max()
    for k in (np.linspace(-2, 2, 14), np.linspace(-2, 2, 140))
]
verify_at_least(
    "two maxout units of up to 13 pieces against cos 3x: error", gap[0], 0.05
)
verify_at_most("with ten times as many pieces", gap[1], 1e-3)

# %% [markdown]
r"""
(architecture-design)=
### So how wide, how deep?

Theorems say what *can* be represented: a fixed activation suffices at the price of width, depth saves units. They do not say what to take for these data and this budget. For that one tries:
"""

# %%
table = {}
for depth, width in itertools.product((1, 2, 3), (8, 32, 128)):
    nets = [
        train_digits(*[width] * depth, seed=seed, epochs=6, batch_size=100)
        for seed in range(3)
    ]
    with torch.no_grad():
        on_training = np.mean(
            [(net(Xd).argmax(1) == Yd).double().mean() for net in nets]
        )
    table[depth, width] = (
        size(nets[0]),
        on_training,
        np.mean([accuracy(n) for n in nets]),
    )
for (depth, width), (d, train, val) in table.items():
    print(
        f"depth {depth}, width {width:3d}: {d:6d} parameters, "
        f"training {100 * train:3.0f} %, validation {100 * val:3.0f} %"
    )
best = max(val for _, _, val in table.values())
verify_at_least(
    "digits: the best of nine architectures, validation accuracy", best, 0.95
)
verify_at_least(
    "digits, any depth: validation accuracy won by width 128 over width 8",
    [table[k, 128][2] - table[k, 8][2] for k in (1, 2, 3)],
    0.04,
)
verify_at_least(
    "digits, width 8: validation accuracy lost by a layer more",
    [table[k, 8][2] - table[k + 1, 8][2] for k in (1, 2)],
    0.04,
)

# %% [markdown]
"""
Width helped, depth at width 8 hurt: the same budget of steps trains a narrow deep network worse. That is an experiment about these digits, and no theorem.
"""
# %% [markdown]
r"""
## The chain rule, for numbers and for matrices

(chain-rule)=
### One rule

To train any of these networks we need derivatives of compositions, and for those there is one rule. Let $y=g(x)$, $z=f(y)$. A nudge $dx$ becomes $dy=g'(x)\,dx$, and that becomes $dz=f'(y)\,dy$:

$$
(f\circ g)'(x)=f'(g(x))\,g'(x),\qquad\frac{dz}{dx}=\frac{dz}{dy}\,\frac{dy}{dx},
$$ (eq-bp-chain)

each factor at its own point: $f'$ at $y$, not at $x$. For $\sin x^2$, that is $\cos(x^2)\cdot2x$. As a picture: numbers on the edges of a graph, multiplied along the way.
"""

# %%
v = sp.Symbol("v", real=True)
verify(
    "d sin(x²)/dx by algebra: difference",
    str(sp.simplify(sp.diff(sp.sin(v**2), v) - 2 * v * sp.cos(v**2))),
    "0",
)
x = torch.linspace(-3, 3, 50).requires_grad_()
(auto,) = torch.autograd.grad(torch.sin(x**2).sum(), x)
verify("d sin(x²)/dx by autograd", auto, 2 * x * torch.cos(x**2), atol=1e-12)


# %% mystnb={"image": {"alt": "Three nodes in a row, x = 1.2, y = x squared = 1.44 and z = sin y = 0.991; the edges carry 2x = 2.4 and cos y = 0.130; their product 0.313 is dz/dx."}} tags=["hide-input"]
def draw_graph(ax, nodes, edges, **kwargs):
    """nodes {name: (x, y, text)}, edges {(a, b): text}."""
    G = nx.DiGraph(list(edges))
    at = {k: v[:2] for k, v in nodes.items()}
    style = dict(node_color="white", edgecolors="black", node_size=2600, font_size=9)
    nx.draw(G, at, ax=ax, labels={k: v[2] for k, v in nodes.items()}, **style | kwargs)
    nx.draw_networkx_edge_labels(G, at, edges, ax=ax, font_size=9)
    ax.margins(0.15, 0.3)


fig, ax = plt.subplots(figsize=(6.8, 1.6))
draw_graph(
    ax,
    {
        "x": (0, 0, "$x$\n1.2"),
        "y": (1, 0, "$y=x^2$\n1.44"),
        "z": (2, 0, "$z=\\sin y$\n0.991"),
    },
    {("x", "y"): "$2x=2.4$", ("y", "z"): f"$\\cos y={np.cos(1.44):.3f}$"},
)
plt.show()

# %% [markdown]
r"""
(jacobian)=
With several variables the nudge is a vector, and what multiplies it is a matrix. For $F:\mathbb R^n\to\mathbb R^m$ the *Jacobi matrix*

$$
(J_F)_{ij}=\frac{\partial F_i}{\partial x_j},\qquad J_F\in\mathbb R^{m\times n},\qquad F(x+\delta)\approx F(x)+J_F\,\delta
$$ (eq-bp-jacobian)

has one row for each output (the transposed gradient of that output) and one column for each input.
"""

# %%
net = mlp(4, 6, 3)
x = torch.randn(4)
J = torch.func.jacrev(net)(x)
columns = [(net(x + e) - net(x - e)) / 2e-5 for e in 1e-5 * torch.eye(4)]
verify("Jacobian of a 4-6-3 network: shape", tuple(J.shape), (3, 4))
verify(
    "… by central differences, column by column", J, torch.stack(columns, 1), atol=1e-6
)
r_, phi = sp.symbols("r phi", positive=True)
polar = sp.Matrix([r_ * sp.cos(phi), r_ * sp.sin(phi)]).jacobian([r_, phi])
verify(
    "polar coordinates: determinant of the Jacobian", str(sp.simplify(polar.det())), "r"
)

# %% [markdown]
r"""
(jacobian-chain-rule)=
:::{prf:theorem} Chain rule
:label: thm-bp-chain
If $G$ is differentiable at $x_0$ and $H$ at $G(x_0)$, then

$$
J_{H\circ G}(x_0)=J_H\bigl(G(x_0)\bigr)\,J_G(x_0).
$$ (eq-bp-jacobian-chain)
:::

:::{prf:proof}
Write $G(x_0+\delta)=G(x_0)+\epsilon$ with $\epsilon=J_G\delta+o(\|\delta\|)$. Then $H(G(x_0)+\epsilon)=H(G(x_0))+J_H\epsilon+o(\|\epsilon\|)=H(G(x_0))+J_HJ_G\,\delta+o(\|\delta\|)$, and the matrix in front of $\delta$ is the Jacobian.
:::

For three maps the product has three factors, and the shapes must mesh like gears:
"""

# %%
maps = [mlp(m, k, seed=m)[0] for m, k in ((3, 4), (4, 5), (5, 2))]
h, g, f = [lambda x, F=F_: torch.tanh(F(x)) for F_ in maps]  # R³ → R⁴ → R⁵ → R²
x = torch.randn(3)
Jh, Jg, Jf = (
    torch.func.jacrev(map_)(at) for map_, at in ((h, x), (g, h(x)), (f, g(h(x))))
)
whole = torch.func.jacrev(lambda x: f(g(h(x))))(x)
print(" ".join(str(tuple(J.shape)) for J in (Jf, Jg, Jh)), "→", tuple(whole.shape))
verify("three maps: product of the Jacobians", Jf @ Jg @ Jh, whole, atol=1e-10)

# %% [markdown]
r"""
:::{admonition} The middle factor
:class: correction
**The notes say** that $\frac{\partial}{\partial x}f(g(h(x)))=\frac{\partial f}{\partial g}\frac{\partial h}{\partial x}$.

**Right is:** $\frac{\partial f}{\partial g}\frac{\partial g}{\partial h}\frac{\partial h}{\partial x}$. Without the middle factor the shapes do not even fit, $(2,5)$ against $(4,3)$; and where all maps have the same dimension, the value is wrong.
:::
"""

# %%
verify("without the middle factor: inner sizes", (Jf.shape[1], Jh.shape[0]), (5, 4))
squares = [mlp(3, 3, seed=k)[0] for k in (1, 2, 3)]
Js = [torch.func.jacrev(F_)(x) for F_ in squares]
verify_at_least(
    "three square maps: error of leaving the middle factor out",
    abs(Js[2] @ Js[0] - Js[2] @ Js[1] @ Js[0]).max(),
    0.1,
)

# %% [markdown]
r"""
(training-an-mlp)=
### What is to be differentiated

Training minimises $\ell_\theta=\sum_i\|y_i-g_\theta(x_i)\|^2$, or another loss, over the pairs. It is convex only in special cases: one affine layer with the squared error, one sigmoid layer with the logistic loss. In general it cannot be, because units can be permuted (and, with ReLU, rescaled: $u\,(wx)_+=\frac uc(cwx)_+$), so that minima come in copies. Halfway between two copies the two units are equal, and the network is a smaller one.
"""

# %%
rng = np.random.default_rng(12)
A, t = rng.normal(size=(30, 2)), rng.normal(size=30)
theta = [
    (3 * rng.normal(size=(4, 2)), rng.normal(size=4)),
    (rng.normal(size=(1, 4)), rng.normal(size=1)),
]
t = forward(A, theta)[-1][:, 0]  # a target that this very network meets
square_loss = lambda theta: np.sum((forward(A, theta)[-1][:, 0] - t) ** 2)
swapped = [
    (theta[0][0][[1, 0, 2, 3]], theta[0][1][[1, 0, 2, 3]]),
    (theta[1][0][:, [1, 0, 2, 3]], theta[1][1]),
]
halfway = [tuple((a + b) / 2 for a, b in zip(p, q)) for p, q in zip(theta, swapped)]
verify("exchanging two hidden units: loss", square_loss(swapped), 0.0, atol=1e-12)
verify_at_least("halfway between two perfect networks: loss", square_loss(halfway), 1.0)

# %%
label = np.sign(t)
convex = {
    "one affine layer, squared error": lambda w: np.sum((A @ w - t) ** 2),
    "one sigmoid layer, logistic loss": lambda w: np.logaddexp(
        0, -label * (A @ w)
    ).sum(),
}
for name, loss in convex.items():
    gaps = []
    for _ in range(2000):
        (a, b), s = rng.normal(scale=3, size=(2, 2)), rng.uniform()
        gaps.append(s * loss(a) + (1 - s) * loss(b) - loss(s * a + (1 - s) * b))
    verify_at_least(f"{name}: smallest gap of 2000 chords", min(gaps), 0.0, atol=1e-9)

# %% [markdown]
r"""
(gradient-bottleneck)=
So we go downhill, and need the gradient. By hand it is infeasible. Differences need one more evaluation for every weight: for the 2,410 weights of a digits network, 2,411 evaluations against one pass forward and one back.
"""

# %%
net = mlp(64, 32, 10)
batch, target = digits.X_train[:20], digits.y_train[:20]
calls = 0


def loss_at(flat):
    """Cross-entropy of the 64-32-10 network whose parameters stand in one vector."""
    global calls
    calls += 1
    W1, b1, W2, b2 = np.split(flat, np.cumsum([2048, 32, 320]))
    Z = np.tanh(batch @ W1.reshape(32, 64).T + b1) @ W2.reshape(10, 32).T + b2
    Z = Z - Z.max(1, keepdims=True)
    return np.mean(np.log(np.exp(Z).sum(1)) - Z[np.arange(20), target])


# %%
flat = nn.utils.parameters_to_vector(net.parameters()).detach().numpy().copy()
base, by_differences = loss_at(flat), np.empty(2410)
for k in range(2410):
    kept, flat[k] = flat[k], flat[k] + 1e-7
    by_differences[k] = (loss_at(flat) - base) / 1e-7
    flat[k] = kept
verify("evaluations for a gradient by forward differences", calls, 2411)
F.cross_entropy(net(torch.tensor(batch)), torch.tensor(target)).backward()
by_backward = nn.utils.parameters_to_vector([p.grad for p in net.parameters()])
verify(
    "2410 differences, against one backward pass",
    by_differences,
    by_backward,
    atol=1e-6,
)

# %% [markdown]
r"""
And formulas? Apply the chain rule symbolically and write out the result, and the expression explodes, because every rule mentions its parts twice. Take $f_{k+1}=f_k\sin f_k$: as a program it grows by two operations a level.
"""

# %%
f, swell = v, []
for level in range(6):
    f = f * sp.sin(f)
    swell.append(int(sp.diff(f, v).count_ops()))
growth = np.array(swell[1:]) / swell[:-1]
print(
    "operations in the written-out derivative:",
    swell,
    " in the program: 2, 4, 6, 8, 10, 12",
)
verify_at_least(
    "operations in the written-out derivative, from level to level: factor",
    growth[1:],
    2.0,
)

# %% [markdown]
r"""
The way out is to keep the intermediate results, and to give them names.

## Graphs, forwards and backwards

(computational-graph)=
### The graph of a program

:::{prf:definition} Computational graph
:label: def-bp-graph
A directed acyclic graph: each node is an intermediate variable, each edge says "is computed from" by a primitive operation. Evaluating $f$ means visiting the nodes in an order in which inputs come first.
:::

A shared subexpression is one node. PyTorch builds the graph while the program runs; NumPy does not. For $f(x)=\log x+\sqrt{\log x}$:
"""

# %%
steps = {
    "x": None,
    "y": (np.log, ["x"]),
    "s": (np.sqrt, ["y"]),
    "f": (np.add, ["y", "s"]),
}
G = nx.DiGraph([(u, w) for w, how in steps.items() if how for u in how[1]])
verify("the graph of log x + √log x is acyclic", nx.is_directed_acyclic_graph(G), True)
value = {"x": 2.0}
for w in nx.topological_sort(G):
    if steps[w]:
        value[w] = steps[w][0](*[value[u] for u in steps[w][1]])
verify(
    "evaluated in topological order at 2",
    value["f"],
    np.log(2) + np.sqrt(np.log(2)),
    rtol=1e-15,
)

# %%
y = torch.tensor(2.0, requires_grad=True).log()
node, seen = (y + y.sqrt()).grad_fn, []
queue = [node]
while queue:
    node = queue.pop()
    seen.append(type(node).__name__.removesuffix("Backward0"))
    queue += [u for u, _ in node.next_functions]
operations = sorted({s for s in seen if "Accumulate" not in s})  # that one is the leaf
verify("operations that PyTorch recorded", ", ".join(operations), "Add, Log, Sqrt")

# %% [markdown]
r"""
(shared-subexpressions)=
In $f=x^2\sin x^2+e^{x^2}$ the square is one node $u$ with three edges going out. How does $f$ feel $x$? Along every path. The contributions of the paths add:

$$
\frac{df}{dx}=\sum_{\text{paths from }x\text{ to }f}\;\prod_{\text{edges}}\text{derivative on the edge}.
$$ (eq-bp-paths)
"""

# %%
x = 0.8
u = x**2
edges = {
    ("x", "u"): 2 * x,
    ("u", "s"): np.cos(u),
    ("u", "p"): np.sin(u),
    ("s", "p"): u,
    ("u", "e"): np.exp(u),
    ("p", "f"): 1.0,
    ("e", "f"): 1.0,
}
shared = nx.DiGraph(list(edges))
products = [
    np.prod([edges[e] for e in zip(path, path[1:])])
    for path in nx.all_simple_paths(shared, "x", "f")
]
t = torch.tensor(x, requires_grad=True)
(auto,) = torch.autograd.grad(t**2 * torch.sin(t**2) + torch.exp(t**2), t)
verify("paths from x to f", len(products), 3)
verify(
    "sum over the paths of x² sin x² + exp x²", sum(products), auto.item(), atol=1e-12
)

# %% mystnb={"image": {"alt": "Graph of x squared times sine of x squared plus its exponential: x leads to u, u to s, p and e, s to p, p and e to f."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 2.6))
draw_graph(
    ax,
    {
        "x": (0, 0, "$x$"),
        "u": (1, 0, "$u=x^2$"),
        "s": (2, 1, "$s=\\sin u$"),
        "p": (3, 0.4, "$p=us$"),
        "e": (2.4, -1, "$e=e^u$"),
        "f": (4, 0, "$f=p+e$"),
    },
    {e: f"{d:.2f}" for e, d in edges.items()},
    node_size=1900,
)
plt.show()

# %% [markdown]
r"""
But the number of paths can double at every node. Both modes of *automatic differentiation* are ways to add up the paths without listing them: from the left, or from the right.

(forward-mode-ad)=
### Forward mode: from the left

Choose one input $x$ and carry, with every value $v$, its derivative $\dot v=\partial v/\partial x$. Each primitive knows how to continue. For $y=\log x$, $s=\sqrt y$, $f=y+s$:

$$
\dot x=1,\qquad\dot y=\frac{\dot x}x,\qquad\dot s=\frac{\dot y}{2\sqrt y},\qquad\dot f=\dot y+\dot s .
$$ (eq-bp-forward)

In code: numbers $a+b\varepsilon$ with $\varepsilon^2=0$, *dual* numbers. Multiply two and the product rule appears, $(a+b\varepsilon)(c+d\varepsilon)=ac+(ad+bc)\varepsilon$.
"""


# %%
class Dual:
    """A value and its derivative by one chosen input; numbers or arrays."""

    __array_ufunc__ = None  # NumPy leaves mixed expressions to us

    def __init__(self, value, dot=0.0):
        self.value, self.dot = value, dot

    def __add__(self, other):
        other = other if isinstance(other, Dual) else Dual(other)
        return Dual(self.value + other.value, self.dot + other.dot)

    def __mul__(self, other):
        other = other if isinstance(other, Dual) else Dual(other)
        return Dual(
            self.value * other.value, self.value * other.dot + self.dot * other.value
        )

    def __matmul__(self, other):
        return Dual(
            self.value @ other.value, self.value @ other.dot + self.dot @ other.value
        )

    def map(self, f, slope):
        return Dual(f(self.value), slope(self.value) * self.dot)

    __radd__, __rmul__ = __add__, __mul__


# %%
y = Dual(2.0, 1.0).map(np.log, lambda v: 1 / v)
by_dual = (y + y.map(np.sqrt, lambda v: 0.5 / np.sqrt(v))).dot
verify("log x + √log x at 2: slope by dual numbers", by_dual, 0.80028060, atol=1e-8)
verify("… by hand", by_dual, (1 + 1 / (2 * np.sqrt(np.log(2)))) / 2, atol=1e-12)
one = torch.tensor(1.0)
_, jvp = torch.func.jvp(lambda x: x.log() + x.log().sqrt(), (2 * one,), (one,))
verify("… by torch.func.jvp", by_dual, jvp.item(), atol=1e-12)

# %% [markdown]
r"""
One sweep gives the derivatives of *everything* by *one* input. For $f:\mathbb R\to\mathbb R^m$ that is all there is to wish. For a loss of $p$ weights it takes $p$ sweeps.
"""


# %%
def ring_of_products(x, sine=lambda v: v.map(np.sin, np.cos)):
    """Σ sin(x_i x_{i+1}) around a ring; works for anything that can be multiplied."""
    return sum(sine(x[i] * x[i - 1]) for i in range(len(x)))


x50 = np.random.default_rng(13).normal(size=50)
sweeps, by_forward = 0, np.empty(50)
for j in range(50):
    by_forward[j] = ring_of_products(
        [Dual(a, float(i == j)) for i, a in enumerate(x50)]
    ).dot
    sweeps += 1
t50 = torch.tensor(x50, requires_grad=True)
(auto,) = torch.autograd.grad(ring_of_products(t50, torch.sin), t50)
verify(
    "gradient of a function of 50 inputs by forward mode", by_forward, auto, atol=1e-12
)
verify("… sweeps", sweeps, 50)

# %% [markdown]
r"""
(reverse-mode-ad)=
### Reverse mode: from the right

Turn it around. Choose one *output* $f$ and carry, with every value $v$, the *adjoint* $\bar v=\partial f/\partial v$. Nudge $v$: each $w$ that is computed from $v$ moves by $\partial w/\partial v$, and each of those moves $f$ by $\bar w$. So

$$
\bar v=\sum_{w\in\operatorname{succ}(v)}\bar w\,\frac{\partial w}{\partial v},\qquad\bar f=1 .
$$ (eq-bp-reverse)

The successors must be ready first, so the order is from the output back. In the example: $\bar f=1$, $\bar s=1$, $\bar y=1+\frac1{2\sqrt y}$ (two successors, two terms), $\bar x=\bar y\,\frac1x$. *One* traversal, and every node knows its adjoint, all inputs among them. Step through it.
"""


# %% tags=["hide-input"]
def traverse(step):
    v = {"x": 2.0, "y": np.log(2), "s": np.sqrt(np.log(2))}
    v["f"] = v["y"] + v["s"]
    bar = {"f": 1.0, "s": 1.0, "y": 1 + 0.5 / v["s"]}
    bar["x"] = bar["y"] / 2
    order, formula = (
        "xysf",
        {"x": "$x$", "y": "$y=\\log x$", "s": "$s=\\sqrt{y}$", "f": "$f=y+s$"},
    )
    text = {}
    for k, n in enumerate(order):
        a = f"{v[n]:.3f}" if step >= k else " "
        b = f"$\\bar{{{n}}}$={bar[n]:.3f}" if step >= 7 - k else " "
        text[n] = f"{formula[n]}\n{a}\n{b}"
    now = order[step] if step < 4 else order[7 - step]
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    draw_graph(
        ax,
        {
            "x": (0, 0, text["x"]),
            "y": (1, 0, text["y"]),
            "s": (2, 0.8, text["s"]),
            "f": (3, 0, text["f"]),
        },
        {("x", "y"): "", ("y", "s"): "", ("y", "f"): "", ("s", "f"): ""},
        node_size=5200,
        node_color=["#FFE3C2" if n == now else "white" for n in "xysf"],
    )
    ax.set_title("forward: values" if step < 4 else "backward: adjoints")
    return fig


explore(
    traverse,
    alt="The graph of log x plus its root, filled step by step: first values from left to right, then adjoints from right to left",
    step=[0, 1, 2, 3, 4, 5, 6, 7],
)

# %% [markdown]
r"""
### A hundred lines

Now for arrays. A `Tensor` keeps its value and its *edges*: for each input, a function that takes the adjoint of the result and gives back the contribution to the adjoint of that input. Sum and product first; [the product rule](#eq-bp-forward) read backwards says $\bar a\mathrel{+}=\bar v\,b$ and $\bar b\mathrel{+}=\bar v\,a$.
"""


# %%
def node(value, *edges):
    """The result of an operation; edges to what needs no derivative are dropped."""
    out = Tensor.__new__(Tensor)
    out.data, out.grad, out.number = value, None, next(Tensor.born)
    out.edges = [e for e in edges if e[0].wanted]
    out.wanted = bool(out.edges)
    return out


def add(a, b):
    return node(a.data + b.data, (a, lambda g: g), (b, lambda g: g))


def sub(a, b):
    return node(a.data - b.data, (a, lambda g: g), (b, lambda g: -g))


def mul(a, b):
    return node(a.data * b.data, (a, lambda g: g * b.data), (b, lambda g: g * a.data))


def power(a, n):
    if not isinstance(n, (int, float)):
        raise TypeError(f"the exponent must be a number, not {type(n).__name__}")
    return node(a.data**n, (a, lambda g: g * (n * a.data ** (n - 1))))


# %% [markdown]
r"""
A matrix product moves by $d(AB)=dA\,B+A\,dB$; we shall see [why](#tensor-chain-rule) the contributions are $\bar VB^\top$ and $A^\top\bar V$. A sum hands its adjoint to all its terms, a maximum to the largest (in equal parts, if there are several), an indexed part to where it came from.
"""


# %%
def matmul(a, b):
    if a.data.ndim != 2 or b.data.ndim != 2 or a.data.shape[1] != b.data.shape[0]:
        raise ValueError(
            f"@ needs shapes (n, k) and (k, m), got {a.data.shape} and {b.data.shape}"
        )
    return node(
        a.data @ b.data, (a, lambda g: g @ b.data.T), (b, lambda g: a.data.T @ g)
    )


def spread(g, a, axis, keepdims):
    """Copy the adjoint of a reduction along the axes that were reduced."""
    out = np.empty_like(a.data)
    out[...] = g if axis is None or keepdims else np.expand_dims(g, axis)
    return out


def total(a, axis=None, keepdims=False):
    return node(
        np.add.reduce(a.data, axis=axis, keepdims=keepdims),
        (a, lambda g: spread(g, a, axis, keepdims)),
    )


def largest(a, axis=None, keepdims=False):
    hit = a.data == a.data.max(axis=axis, keepdims=True)
    share = hit / hit.sum(axis=axis, keepdims=True)  # ties share the adjoint
    return node(
        a.data.max(axis=axis, keepdims=keepdims),
        (a, lambda g: spread(g, a, axis, keepdims) * share),
    )


def pick(a, index):

    def pull(g):
        out = np.zeros_like(a.data)
        np.add.at(out, index, g)  # an entry picked twice gets both contributions
        return out

    return node(a.data[index], (a, pull))


# %% [markdown]
"""
The bends, each with its slope written in terms of what is already known:
"""


# %%
def rectify(a):
    on = a.data > 0
    return node(a.data * on, (a, lambda g: g * on))


def tanh(a):
    y = np.tanh(a.data)
    return node(y, (a, lambda g: g * (1 - y * y)))


def exp(a):
    y = np.exp(a.data)
    return node(y, (a, lambda g: g * y))


def log(a):
    return node(np.log(a.data), (a, lambda g: g / a.data))


# %% [markdown]
r"""
*Broadcasting* copies an array along an axis, and a copy is a variable used several times: the adjoints of the copies add up. So we sum over the axes that were broadcast.
"""


# %%
def unbroadcast(g, shape):
    """Sum the adjoint of a broadcast array over the axes that broadcasting made."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(k for k, m in enumerate(shape) if m == 1), keepdims=True)


# %% [markdown]
r"""
And the traversal. A node is born after its inputs, so going through the nodes from the youngest to the oldest meets every successor of $v$ before $v$; a heap of birth numbers does that. The adjoints live in a dictionary of this one traversal and only leaves keep theirs, in `grad`; so a second `backward` adds a second gradient, no more.
"""


# %%
class Tensor:
    """An array of floats that remembers how it was computed."""

    __slots__ = ("data", "edges", "grad", "number", "wanted")
    __array_ufunc__ = None  # NumPy leaves mixed expressions to us
    born = itertools.count()

    def __init__(self, data, wanted=True):
        self.data = data if isinstance(data, np.ndarray) else np.asarray(data)
        if wanted and self.data.dtype.kind != "f":
            raise TypeError(
                f"derivatives need floats, got an array of {self.data.dtype}"
            )
        self.grad, self.edges, self.wanted = None, [], wanted
        self.number = next(Tensor.born)

    def backward(self):
        """Add to ``grad`` of every leaf the derivative of this number by it."""
        if np.size(self.data) != 1 or not self.wanted:
            raise ValueError(
                f"backward starts from one number that depends on a Tensor, "
                f"this has shape {self.data.shape}: take a sum or a mean"
            )
        adjoint, queue = {self: np.ones_like(self.data)}, [(-self.number, self)]
        while queue:
            v = heapq.heappop(queue)[1]  # the youngest: all its successors are done
            g = adjoint.pop(v)
            if not v.edges:
                v.grad = g.copy() if v.grad is None else v.grad + g
            for u, pull in v.edges:
                share = pull(g)
                if share.shape != u.data.shape:
                    share = unbroadcast(share, u.data.shape)
                if u in adjoint:
                    adjoint[u] = adjoint[u] + share
                else:
                    adjoint[u] = share
                    heapq.heappush(queue, (-u.number, u))

    def __setitem__(self, index, value):
        raise TypeError(
            "a Tensor cannot be changed in place: derivatives may need the "
            "old value; compute a new Tensor"
        )

    __add__ = __radd__ = lambda a, b: add(a, lift(b))
    __mul__ = __rmul__ = lambda a, b: mul(a, lift(b))
    __neg__ = lambda a: a * -1.0
    __sub__ = lambda a, b: sub(a, lift(b))
    __rsub__ = lambda a, b: sub(lift(b), a)
    __truediv__ = lambda a, b: a * lift(b) ** -1.0
    __rtruediv__ = lambda a, b: a**-1.0 * b
    __pow__, __getitem__ = power, pick
    __matmul__ = lambda a, b: matmul(a, lift(b))
    __rmatmul__ = lambda a, b: matmul(lift(b), a)
    sum, max, relu, tanh, exp, log = total, largest, rectify, tanh, exp, log
    shape = property(lambda a: a.data.shape)
    T = property(lambda a: node(a.data.T, (a, lambda g: g.T)))

    def mean(self, axis=None, keepdims=False):
        out = self.sum(axis, keepdims)
        return out * (np.size(out.data) / self.data.size)


def lift(x):
    """Numbers and arrays become constants: no derivative wanted."""
    return x if type(x) is Tensor else Tensor(x, wanted=False)


# %% [markdown]
r"""
That is all. Does it work? First the two examples; then sixty random programs of eight operations on arrays of four shapes that broadcast against each other, each run once through our engine and once, the same Python code, through PyTorch.
"""

# %%
x = Tensor(2.0)
y = x.log()
(y + y**0.5).backward()
verify("log x + √log x at 2: slope by our engine", x.grad, 0.80028060, atol=1e-8)
leaves = [Tensor(a) for a in x50]
sine = lambda v: node(
    np.sin(v.data), (v, lambda g: g * np.cos(v.data))
)  # a new operation
ring_of_products(leaves, sine).backward()  # one sweep
verify(
    "gradient by 50 inputs: one backward sweep, against 50 forward ones",
    np.array([v.grad for v in leaves]),
    by_forward,
    atol=1e-12,
)

# %%
UNARY = [
    lambda a: a.tanh(),
    lambda a: a.relu(),
    lambda a: a.tanh().exp(),
    lambda a: (1.0 + a * a).log(),
    lambda a: a.sum(0, True),
    lambda a: (a - 1) ** 2,
    lambda a: a.mean(1, True),
    lambda a: (a @ a.T).tanh() @ a,
    lambda a: a[1:2],
]
BINARY = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - 2.0 * b,
    lambda a, b: a / (1.0 + b * b),
    lambda a, b: 1.0 / (2.0 + a.tanh() * b.tanh()),
]


def run(program, leaves):
    """Each step takes the results so far; the last value is a mean over all of them."""
    made = list(leaves)
    for f, chosen in program:
        made.append(f(*[made[k] for k in chosen]).tanh())
    return sum((m * m).mean() for m in made)


# %%
rng, programs, worst = np.random.default_rng(14), [], []
for trial in range(60):
    start = [rng.normal(size=s) for s in ((3, 4), (1, 4), (3, 1), (3, 4))]
    program = []
    for k in range(8):
        f = rng.choice(UNARY[:6] + BINARY * 2)
        arity = f.__code__.co_argcount
        program.append((f, rng.integers(k + 4, size=arity)))
    program.append((rng.choice(UNARY), [0]))
    ours = [Tensor(a) for a in start]
    theirs = [torch.tensor(a, requires_grad=True) for a in start]
    run(program, ours).backward()
    run(program, theirs).backward()
    worst.append(max(abs(a.grad - b.grad.numpy()).max() for a, b in zip(ours, theirs)))
    programs.append((program, start))
verify(
    "60 random programs: largest difference of any derivative to torch",
    max(worst),
    0.0,
    atol=1e-12,
)

# %%
gaps = []
for program, start in programs[:20]:
    ours = [Tensor(a) for a in start]
    run(program, ours).backward()
    for k, i in ((0, (1, 2)), (1, (0, 3)), (3, (2, 0))):  # one entry of three leaves
        ends = []
        for h in (1e-5, -1e-5):
            moved = [a.copy() for a in start]
            moved[k][i] += h
            ends.append(run(program, [Tensor(a) for a in moved]).data)
        gaps.append((ends[0] - ends[1]) / 2e-5 - ours[k].grad[i])
verify(
    "20 random programs against central differences",
    np.array(gaps),
    np.zeros(60),
    atol=1e-6,
)

# %% [markdown]
"""
Then a network with a loss. The logarithm of a sum of exponentials must not overflow, so we take the maximum out first; its derivative cancels, and the engine need not know.
"""


# %%
def cross_entropy(Z, y):
    """Mean of −log softmax(Z)[y]; Z has shape (n, classes)."""
    Z = Z - Z.max(1, True)
    return (Z.exp().sum(1).log() - Z[np.arange(len(y)), y]).mean()


def network(X, theta, act=Tensor.tanh):
    """F̄(X) for theta = [W1, b1, W2, b2, ...], examples as rows, W of shape (in, out)."""
    for l in range(0, len(theta), 2):
        X = lift(X) @ theta[l] + theta[l + 1]
        X = act(X) if l + 2 < len(theta) else X
    return X


net = mlp(64, 32, 16, 10)
theta = [Tensor(a) for W, b in weights_of(net) for a in (W.T.copy(), b)]
loss = cross_entropy(network(batch, theta), target)
loss.backward()
F.cross_entropy(net(torch.tensor(batch)), torch.tensor(target)).backward()
for ours, p in zip(theta, net.parameters()):
    verify(
        f"64-32-16-10 network, {'weights' if p.ndim == 2 else 'bias'} of shape "
        f"{tuple(p.shape)}: gradient against torch",
        ours.grad.T,
        p.grad,
        atol=1e-12,
    )

# %% [markdown]
"""
Then the cases on which home-made engines break: `backward` twice, a node used twice, broadcasting, a tie in a maximum, an entry picked twice.
"""

# %%
once = [v.grad.copy() for v in theta]
loss.backward()
verify(
    "backward twice on one graph: gradient over that of one",
    np.concatenate(
        [(v.grad / g).ravel() for v, g in zip(theta, once) if np.all(g != 0)]
    ),
    np.full(sum(g.size for g in once if np.all(g != 0)), 2.0),
    rtol=1e-12,
)
x = Tensor(np.array([0.8]))
u = x * x
(u * sine(u) + u.exp()).sum().backward()
verify(
    "a node used three times: the sum over the paths",
    x.grad,
    [sum(products)],
    atol=1e-12,
)
a, b = Tensor(np.ones((3, 1))), Tensor(np.ones(4))
(a * b * np.arange(12.0).reshape(3, 4)).sum().backward()
verify("broadcast column: row sums", a.grad[:, 0], [6.0, 22.0, 38.0])
verify("broadcast row: column sums", b.grad, [12.0, 15.0, 18.0, 21.0])
x, t = (
    Tensor(np.array([3.0, 1.0, 3.0])),
    torch.tensor([3.0, 1.0, 3.0], requires_grad=True),
)
(x.max() + (x[np.array([1, 1])] ** 2).sum()).backward()
(t.amax() + (t[[1, 1]] ** 2).sum()).backward()
verify("a tie, and an entry picked twice, as in torch", x.grad, t.grad, atol=1e-12)

# %% [markdown]
"""
What it cannot do it must say. No silent wrong numbers:
"""


# %%
def complaint(f):
    try:
        f()
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return "no complaint"


def assign(t):
    t[0] = 1.0


v3 = Tensor(np.ones(3))
said = {  # what is tried: the word that must be in the answer
    "change in place": (lambda: assign(v3), "in place"),
    "differentiate integers": (lambda: Tensor(np.arange(3)), "floats"),
    "add shapes (3,) and (4,)": (lambda: v3 + np.ones(4), "(3,) (4,)"),
    "multiply matrices that do not fit": (
        lambda: Tensor(np.ones((2, 3))) @ np.ones((2, 3)),
        "(2, 3) and (2, 3)",
    ),
    "start from a vector": (lambda: (v3 * 2).backward(), "one number"),
    "raise to a Tensor": (lambda: v3**v3, "exponent"),
    "call a NumPy function": (lambda: np.sin(v3), "does not support ufuncs"),
}
for what, (attempt, word) in said.items():
    print(f"{what}: {complaint(attempt)}")
    verify(f"{what}: the engine says why it cannot", word in complaint(attempt), True)

# %% [markdown]
r"""
And one line guards them all: the `+` in `adjoint[u] + share`. Overwrite instead of adding, the classic bug, and $x^2\sin x^2+e^{x^2}$ loses paths:
"""


# %%
def overwriting(x):
    """The adjoint sweep for x² sin x² + exp x², with = where += should stand."""
    bar = {"f": 1.0}
    for w in reversed(list(nx.topological_sort(shared))):
        for v in shared.predecessors(w):
            bar[v] = bar[w] * edges[v, w]
    return bar["x"]


left_over = overwriting(0.8)
verify(
    "adjoints overwritten instead of added: what is left is a single path",
    min(abs(left_over - path) for path in products),
    0.0,
    atol=1e-12,
)
verify_at_least(
    "adjoints overwritten instead of added: error of the slope",
    abs(left_over - sum(products)),
    0.5,
)

# %% [markdown]
r"""
(forward-pass-is-not-forward-mode)=
Mind the words. The *forward pass* of reverse mode computes values, no derivatives; *forward mode* computes derivatives. The pass is needed because slopes such as $1/x$ depend on the values, and its values must be *kept* until the way back: memory grows with depth. We count what PyTorch saves, and then spoil one saved value.
"""

# %%
saved = []
for depth in range(2, 11):
    kept = []
    net = mlp(*[8] * (depth + 1))
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: (kept.append(t.numel()), t)[1], lambda t: t
    ):
        net(torch.randn(4, 8)).sum()
    saved.append(sum(kept))
fit_line = np.polyfit(range(2, 11), saved, 1)
r2 = np.corrcoef(range(2, 11), saved)[0, 1] ** 2
verify_at_least("numbers saved against depth: R² of a straight line", r2, 0.99)
verify_at_least(
    "… slope: each layer keeps at least its activations (4 × 8)", fit_line[0], 32
)

t = torch.ones(3, requires_grad=True)
y = t.exp()
total_ = (y * 1.0).sum()
y.detach().zero_()  # exp saved y for the way back
try:
    total_.backward()
    said = "no error"
except RuntimeError as error:
    said = "modified by an inplace operation" if "inplace" in str(error) else str(error)
verify(
    "a saved value changed in place: torch says",
    said,
    "modified by an inplace operation",
)
# %% [markdown]
r"""
(headline-cheap-gradient)=
## The headline: the gradient is cheap

(jacobian-chain-cost)=
### The order of a product

Where does the saving come from? By [the chain rule](#eq-bp-jacobian-chain) the gradient of $\ell=\ell\circ F_L\circ\dots\circ F_1$ is a product of matrices with a row vector at one end,

$$
\nabla\ell^\top=(\nabla_y\ell)^\top\,J_L\,J_{L-1}\cdots J_1 .
$$ (eq-bp-product)

The brackets are ours to put. From the input side, forward accumulation, it is matrix times matrix, $n^3$ multiplications each time. From the output side, reverse accumulation, a row meets a matrix at every step and stays a row, $n^2$ each. The result is the same.
"""

# %%
net = mlp(*[200] * 6, 1)[:-1]  # five tanh layers of width 200
x, Js = torch.randn(200), []
for l in range(0, 10, 2):
    layer = net[l : l + 2]
    Js.append(torch.func.jacrev(layer)(x))
    x = layer(x)
row = torch.randn(1, 200)  # the gradient of a scalar output


def accumulate(factors):
    """Product from left to right and the multiplications it takes."""
    product, count = factors[0], 0
    for M in factors[1:]:
        count += product.shape[0] * product.shape[1] * M.shape[1]
        product = product @ M
    return product, count


# %%
reverse, cheap = accumulate([row] + Js[::-1])
forward_, dear = accumulate([J.T for J in Js] + [row.T])  # the same from the other end
verify(
    "five layers of width 200: both orders give one gradient",
    reverse,
    forward_.T,
    atol=1e-10,
)
verify("multiplications from the input side: 4n³ + n²", dear, 4 * 200**3 + 200**2)
verify("multiplications from the output side: 5n²", cheap, 5 * 200**2)

start = torch.randn(200, 1)  # now one input and 200 outputs: the roles swap
tangent, from_input = accumulate([start.T] + [J.T for J in Js])
jacobian_column, from_output = accumulate(Js[::-1] + [start])
verify(
    "one input, many outputs: both orders agree", tangent.T, jacobian_column, atol=1e-10
)
verify_at_least("… and there forward mode wins by", from_output / from_input, 100.0)

# %% [markdown]
r"""
(cheap-gradient-principle)=
### At most five

:::{prf:theorem} Cheap gradient principle
:label: thm-bp-cheap
Let a scalar be computed by $N$ operations: sums, products and elementary functions $c=\varphi(a)$ whose slope takes at most two more operations once $c$ is known. Reverse mode computes the value *and all partial derivatives* with at most $5N$ operations, however many inputs there are {cite:p}`baur1983`.
:::

:::{prf:proof}
Charge every operation with its own value and with its contributions to [the adjoints](#eq-bp-reverse) of its inputs:

| operation | value | contributions | together |
|---|---|---|---|
| $c=a+b$ | 1 | add $\bar c$ twice | 3 |
| $c=ab$ | 1 | $\bar cb$ and $\bar ca$: two products, two additions | 5 |
| $c=\varphi(a)$ | 1 | the slope, at most two; one product, one addition | 5 |

Every operation is visited once on the way forward and once on the way back. Nowhere does the number of inputs enter.
:::

We do not take our engine's word for it. The arrays below count every floating-point operation that NumPy is asked to do with them, whoever asks; then the engine runs on such arrays, unchanged. A product of matrices $(n,k)$ and $(k,m)$ counts $2nkm$.
"""


# %%
class Counted(np.ndarray):
    """An array that counts the arithmetic done with it."""

    work = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        plain = [np.asarray(x) if isinstance(x, Counted) else x for x in inputs]
        result = np.asarray(getattr(ufunc, method)(*plain, **kwargs))
        if ufunc is np.matmul:
            Counted.work += 2 * result.size * plain[0].shape[-1]
        elif method == "reduce":
            Counted.work += plain[0].size - result.size
        else:
            Counted.work += result.size
        return result.view(Counted)


def counted(f):
    """How many operations f() takes."""
    Counted.work = 0
    f()
    return Counted.work


A, B = np.ones((3, 4)).view(Counted), np.ones((4, 5)).view(Counted)
verify(
    "the counter: a 3×4 times 4×5 product, a tanh and a sum over all",
    counted(lambda: np.tanh(A @ B).sum()),
    2 * 3 * 4 * 5 + 15 + 14,
)

# %%
rng = np.random.default_rng(15)
inputs, targets = rng.normal(size=(8, 8)), rng.normal(size=(8, 4))


def make(w):
    """Weights of an 8-w-w-4 network, as counting arrays."""
    shapes = [(8, w), (w,), (w, w), (w,), (w, 4), (4,)]
    return [(rng.normal(size=s) / np.sqrt(s[0])).view(Counted) for s in shapes]


def loss_of(theta, act):
    return ((network(inputs, theta, act) - targets) ** 2).mean()


def cost(w, act):
    """Parameters; operations for the value; for the value and the gradient."""
    arrays = make(w)
    value = counted(lambda: loss_of([Tensor(a) for a in arrays], act))
    both = counted(lambda: loss_of([Tensor(a) for a in arrays], act).backward())
    return sum(a.size for a in arrays), value, both


# %%
widths = [1, 3, 10, 32, 100, 316, 1000]
costs = {act: np.array([cost(w, act) for w in widths]) for act in (tanh, rectify)}
for p, value, both in costs[tanh]:
    print(
        f"{p:9,d} parameters: value {value:13,d}, value and gradient {both:13,d}, "
        f"ratio {both / value:.2f}"
    )
ratios = np.array([c[:, 2] / c[:, 1] for c in costs.values()])
headline(
    "Operations for value and gradient over operations for the value, 20 to a million "
    "parameters, against the cheap-gradient bound",
    ratios,
    np.full(ratios.shape, 5.0),
    rtol=0.01,
    sense="at most",
)

# %% [markdown]
r"""
A million derivatives, for twice the price of one number on top. Count on paper, and the counter is right: eight examples through an 8-$w$-$w$-4 network are $16(8w+w^2+4w)$ for the products, $16w+32$ for the biases, $16w$ bends, and $96$ for the error at the end. For large layers the ratio tends to 3: a layer is one matrix product forward and two back (one for the inputs' adjoints, one for the weights'), a little less here because the first layer need not push anything on to the data. """

# %%
w = np.array(widths)
verify(
    "operations for the value: 16w² + 224w + 128, as counted on paper",
    costs[tanh][:, 1],
    16 * w**2 + 224 * w + 128,
)
verify(
    "a million parameters: value and gradient over value",
    ratios[:, -1],
    np.full(2, 3.0),
    rtol=0.01,
)

# %% [markdown]
r"""
Forward mode with [dual numbers](#forward-mode-ad), in the same currency: one sweep costs about three values, and it takes a sweep for each parameter. For the small networks we run all of them.
"""


# %%
def sweep(arrays, k):
    """∂loss/∂θ_k by one forward sweep with dual arrays."""
    theta = [Dual(a, np.zeros(a.shape)) for a in arrays]
    for d in theta:
        if k < d.dot.size:
            d.dot.flat[k] = 1.0
            break
        k -= d.dot.size
    for d in theta:
        d.dot = d.dot.view(Counted)
    Z = Dual(inputs, np.zeros(inputs.shape))
    for l in range(0, 6, 2):
        Z = Z @ theta[l] + theta[l + 1]
        Z = Z.map(np.tanh, lambda v: 1 - np.tanh(v) ** 2) if l < 4 else Z
    error = Z + Dual(-targets)
    return (error * error).dot.sum() / targets.size


# %%
by_forward = []
for w, (p, value, _) in zip(widths, costs[tanh]):
    arrays = make(w)
    ran = range(p) if p <= 300 else [0]  # all sweeps, or one of them
    slopes = []
    by_forward.append(
        counted(lambda: slopes.extend(float(sweep(arrays, k)) for k in ran))
        * (p // len(ran))
        / value
    )
    if w == 10:
        theta = [Tensor(a.view(np.ndarray)) for a in arrays]
        loss_of(theta, tanh).backward()
        verify(
            f"{p} forward sweeps, against one backward",
            np.array(slopes),
            np.concatenate([t.grad.ravel() for t in theta]),
            atol=1e-12,
        )
p = costs[tanh][:, 0]
verify(
    "forward mode: price over value against parameters, slope of the log-log line",
    np.polyfit(np.log(p[2:]), np.log(by_forward[2:]), 1)[0],
    1.0,
    atol=0.03,
)

# %% mystnb={"image": {"alt": "Cost of a gradient in evaluations against the number of parameters, double logarithmic: forward mode climbs in proportion to the parameters up to three million, reverse mode is flat below the line at five."}} tags=["hide-input"]
plt.loglog(p, by_forward, "o-", color=plot.BLUE, label="forward mode")
plt.loglog(
    p,
    costs[tanh][:, 2] / costs[tanh][:, 1],
    "o-",
    color=plot.RED,
    label="reverse mode, tanh",
)
plt.loglog(p, ratios[1], "s--", color=plot.ORANGE, label="reverse mode, ReLU")
plt.axhline(5, color=plot.GREY, ls=":", label="bound: 5")
plt.xlabel("parameters")
plt.ylabel("evaluations of the loss")
plt.legend()
plt.show()

# %% [markdown]
r"""
:::{admonition} As cheap, up to a factor and a memory
:class: correction
**The notes say** that evaluating the gradient with backpropagation is as fast as evaluating the loss.

**Right is:** it is of the same order. For dense layers it costs about three times as much, the value included, and it needs the memory of all intermediate values.
:::
"""


# %%
def flops(net, gradient):
    with FlopCounterMode(display=False) as counter:
        out = net(torch.randn(32, 256)).square().mean()
        if gradient:
            out.backward()
    return counter.get_total_flops()


dense = mlp(*[256] * 7)
price = flops(dense, True) / flops(dense, False)
verify_at_least("six dense layers, by torch's own counter: ratio", price, 2.5)
verify_at_most("… and at most", price, 3.0)


def seconds(f, repeats=3):
    """The fastest of a few runs, in seconds of this process."""
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        f()
        best = min(best, time.process_time() - start)
    return best


theta = [Tensor(a.view(np.ndarray)) for a in make(1000)]
inputs, targets = rng.normal(size=(128, 8)), rng.normal(size=(128, 4))
measured(
    "a million parameters: the loss and its gradient",
    seconds(lambda: loss_of(theta, tanh).backward()),
    ("the loss alone", seconds(lambda: loss_of(theta, tanh))),
)

# %% [markdown]
"""
### Two spirals

Now let the engine work. Two spirals, wound into each other one and a half times; a line does no better than a coin. Everything below is ours: the network, the loss, the gradient, the optimiser.
"""


# %%
def spirals(n, rng):
    """n points on each of two arms, (2n, 2), and labels ±1, (2n, 1)."""
    t = np.sqrt(rng.uniform(0.02, 1, n)) * 3 * np.pi
    arm = np.c_[t * np.cos(t), t * np.sin(t)] / (3 * np.pi)
    noise = 0.015 * rng.normal(size=(2 * n, 2))
    return np.r_[arm, -arm] + noise, np.r_[np.ones(n), -np.ones(n)][:, None]


rng = np.random.default_rng(16)
(S, label), (S_new, label_new) = spirals(150, rng), spirals(500, rng)
theta = [
    Tensor(a)
    for m, k in ((2, 32), (32, 32), (32, 1))
    for a in (rng.normal(size=(m, k)) * np.sqrt(2 / m), 0.5 * rng.normal(size=k))
]


# %%
def adam_steps(theta, loss, steps, lr):
    """Our engine's gradients in Adam's update; a copy of all weights after every step."""
    m, v, kept = [0.0] * len(theta), [0.0] * len(theta), []
    for t in range(1, steps + 1):
        for p in theta:
            p.grad = None
        loss().backward()
        for k, p in enumerate(theta):
            m[k], v[k] = 0.9 * m[k] + 0.1 * p.grad, 0.999 * v[k] + 0.001 * p.grad**2
            p.data = p.data - lr * (m[k] / (1 - 0.9**t)) / (
                np.sqrt(v[k] / (1 - 0.999**t)) + 1e-8
            )
        kept.append([p.data for p in theta])
    return kept


scores = lambda P, arrays: network(P, [Tensor(a) for a in arrays]).data
history = [[p.data for p in theta]]
history += adam_steps(
    theta, lambda: (1.0 + (network(S, theta) * -label).exp()).log().mean(), 1000, 0.02
)
verify(
    "two spirals: share of the 300 training points on the right side",
    np.mean(scores(S, history[-1]) * label > 0),
    1.0,
    atol=0,
)
verify_at_least(
    "… of 1000 new points", np.mean(scores(S_new, history[-1]) * label_new > 0), 0.98
)
affine = np.linalg.lstsq(np.c_[S, np.ones(300)], label, rcond=None)[0]
verify_at_most(
    "… of a line", np.mean(np.c_[S, np.ones(300)] @ affine * label > 0), 0.75
)


# %% tags=["hide-input"]
def training(step):
    g = np.linspace(-1.15, 1.15, 80)
    P = np.stack(np.meshgrid(g, g), -1).reshape(-1, 2)
    fig, ax = plt.subplots(figsize=(6.8, 3.6))
    ax.contourf(
        g,
        g,
        np.tanh(scores(P, history[step])).reshape(80, 80),
        [-1.1, 0, 1.1],
        colors=["#CFE3F1", "#F8DCC9"],
    )
    for sign, colour in ((1, plot.RED), (-1, plot.BLUE)):
        ax.plot(*S[label[:, 0] == sign].T, ".", color=colour, ms=4)
    right = np.mean(scores(S, history[step]) * label > 0)
    ax.set(
        aspect="equal",
        xticks=[],
        yticks=[],
        title=f"step {step}: {100 * right:.0f} % right",
    )
    ax.grid(False)
    return fig


explore(
    training,
    alt="Two spirals and the two sides of the network's decision: a straight cut at first, then bent, at last following both arms",
    step=[1000, 600, 400, 300, 200, 120, 60, 20, 0],
)

# %% [markdown]
r"""
## Backpropagation, layer by layer

The engine needs no formulas. But it pays to see what its traversal *is* for a network, because these few lines explain most of what goes right and wrong in training.

(quadratic-loss-gradient)=
(softmax-cross-entropy-gradient)=
### Where the errors start

At the output. For the squared error, $-\nabla_y\frac12\|y^*-y\|^2=y^*-y$: minus the gradient is the residual. For softmax with cross-entropy and true class $y^*$, write the loss as $\log\sum_ke^{z_k}-z_{y^*}$ and differentiate:

$$
-\frac{\partial\mathcal R}{\partial z_y}=\delta_{yy^*}-\frac{e^{z_y}}{\sum_ke^{z_k}}=\delta_{yy^*}-p(y\mid x),
$$ (eq-bp-softmax)

what should be minus what is. The components sum to 0: probability is only moved about. Once more by $z$, and the Hessian is $\operatorname{diag}(p)-pp^\top$.
"""

# %%
torch.manual_seed(4)
y, y_star = torch.randn(20, 5).requires_grad_(), torch.randn(20, 5)
(g,) = torch.autograd.grad(0.5 * ((y_star - y) ** 2).sum(), y)
verify("squared error: minus the gradient is the residual", -g, y_star - y, atol=1e-12)
z, true = torch.randn(20, 5).requires_grad_(), torch.randint(5, (20,))
p = torch.softmax(z, 1)
(g,) = torch.autograd.grad(F.cross_entropy(z, true, reduction="sum"), z)
verify(
    "cross-entropy: minus the gradient is one-hot minus p",
    -g,
    F.one_hot(true, 5) - p,
    atol=1e-10,
)
verify("… its components sum to", g.sum(1), np.zeros(20), atol=1e-12)
one = torch.func.hessian(lambda z: F.cross_entropy(z[None], true[:1]))(z[0].detach())
verify(
    "… its Hessian is diag(p) − ppᵀ",
    one,
    torch.diag(p[0]) - torch.outer(p[0], p[0]),
    atol=1e-10,
)

# %% mystnb={"image": {"alt": "Eight predictions in the plane, each with an arrow of the negative gradient that points to its target."}} tags=["hide-input"]
a, b = y.detach()[:8, :2], y_star[:8, :2]
fig, ax = plt.subplots(figsize=(6.8, 2.8))
ax.quiver(
    *a.T,
    *(b - a).T,
    angles="xy",
    scale_units="xy",
    scale=1,
    color=plot.GREY,
    width=0.004,
)
ax.plot(*a.T, "o", color=plot.BLUE, label="prediction $y$")
ax.plot(*b.T, "o", color=plot.RED, label="target $y^*$")
ax.set(title="minus the gradient of the squared error", xlabel="$y_1$", ylabel="$y_2$")
ax.legend(loc="upper left")
plt.show()

# %% [markdown]
r"""
(layer-jacobian)=
### How they travel

For one layer, $x_i^l=\sigma(\langle w_i^l,x^{l-1}\rangle+b_i^l)$ gives $\frac{\partial x_i^l}{\partial x_j^{l-1}}=\sigma'(z_i^l)\,w_{ij}^l$, that is

$$
J_{F^l}=\operatorname{diag}\bigl(\sigma'(z^l)\bigr)\,W^l .
$$ (eq-bp-layer-jacobian)

For ReLU each entry is $0$ or $w_{ij}^l$: the rows of inactive units vanish, as if those weights were not there.
"""

# %%
W, b, x = torch.randn(6, 4), torch.randn(6), torch.randn(4)
s = torch.tanh(W @ x + b)
verify(
    "tanh layer: Jacobian is diag(σ′) W",
    torch.func.jacrev(lambda x: torch.tanh(W @ x + b))(x),
    (1 - s**2)[:, None] * W,
    atol=1e-10,
)
W, x = torch.randn(1000, 20), torch.randn(20)
J = torch.func.jacrev(lambda x: torch.relu(W @ x))(x)
off = (W @ x) < 0
verify(
    "1000 ReLU units: rows of inactive units", J[off], np.zeros(J[off].shape), atol=0
)
verify("… rows of active units are those of W", J[~off], W[~off], atol=1e-12)
verify("… share of inactive units", off.double().mean(), 0.5, atol=0.05)

# %% [markdown]
r"""
(activity-backpropagation)=
Start with the row $e^L=\nabla_y^\top\mathcal R$ and multiply on the right,

$$
e^l=e^{l+1}J_{F^{l+1}}=e^L\,J_{F^L}\cdots J_{F^{l+1}} :
$$ (eq-bp-activity)

a network run in the other direction, and a *linear* one. Twice the error at the output is twice the error everywhere.
"""

# %%
net = mlp(4, 6, 5, 4, 3)
states, x = [], torch.randn(4)
for k in range(0, 7, 2):
    x = net[k : k + 2](x)  # the last layer has no activation
    x.retain_grad()
    states.append(x)
(0.5 * ((states[-1] - 1) ** 2).sum()).backward()
e, errors = (states[-1] - 1).detach(), []
for k in (3, 2, 1, 0):
    errors.append(e)
    if k:
        e = e @ torch.func.jacrev(net[2 * k : 2 * k + 2])(states[k - 1].detach())
for l, (e, state) in enumerate(zip(errors, states[::-1])):
    verify(f"error of layer {4 - l} by Jacobian products", e, state.grad, atol=1e-10)
J = torch.func.jacrev(net[2:])(states[0].detach())
verify(
    "twice the error at the output: twice the error at layer 1",
    2 * errors[0] @ J,
    2 * errors[-1],
    atol=1e-12,
)

# %% [markdown]
r"""
(weight-gradient)=
### What the weights get

The weight $w_{ij}^l$ enters the loss only through $x_i^l$. So

$$
\frac{\partial\mathcal R}{\partial w_{ij}^l}=\underbrace{\frac{\partial\mathcal R}{\partial x_i^l}}_{\text{error}}\;\underbrace{\sigma'\bigl(\langle w_i^l,x^{l-1}\rangle+b_i^l\bigr)}_{\text{sensitivity}}\;\underbrace{x_j^{l-1}}_{\text{input}},
$$ (eq-bp-weight)

an outer product for each layer; the bias is a weight whose input is 1. One example gives a matrix of rank one, a batch of $m$ at most rank $m$.
"""

# %%
x_before = [None] + [s.detach() for s in states]
for l in (1, 2):
    slope = 1 - x_before[l + 1] ** 2
    delta = errors[3 - l] * slope
    verify(
        f"layer {l + 1}: error × sensitivity × input, against autograd",
        torch.outer(delta, x_before[l]),
        net[2 * l].weight.grad,
        atol=1e-10,
    )
    verify(
        f"layer {l + 1}: the bias has input 1", delta, net[2 * l].bias.grad, atol=1e-10
    )
    verify(
        f"layer {l + 1}: rank of one example's gradient",
        torch.linalg.matrix_rank(net[2 * l].weight.grad).item(),
        1,
    )
wide = mlp(30, 30, 30)
wide(torch.randn(5, 30)).square().sum().backward()
verify(
    "a batch of five: rank of the gradient",
    torch.linalg.matrix_rank(wide[0].weight.grad).item(),
    5,
)

# %% [markdown]
r"""
(backpropagation)=
### The algorithm

:::{prf:definition} Backpropagation
:label: def-bp-backprop
Reverse mode applied to the loss, which contains the data and the parameters (one does not differentiate "the network"):

1. forward pass, keeping all $z^l$ and $x^l$;
2. the error at the output, $\delta^L=\nabla_{z^L}\mathcal R$;
3. backwards,

   $$
   \delta^l=\bigl(W^{l+1\top}\delta^{l+1}\bigr)\odot\sigma'(z^l);
   $$ (eq-bp-delta)

4. locally, $\dfrac{\partial\mathcal R}{\partial W^l}=\delta^l\,(x^{l-1})^\top$ and $\dfrac{\partial\mathcal R}{\partial b^l}=\delta^l$.
:::

The chain rule alone would not do it; the named intermediate results, the order and the storage are what makes it an algorithm. Published for networks by {cite:t}`rumelhart1986`, and as reverse accumulation already by {cite:t}`linnainmaa1976`. For any depth, a batch at a time:
"""


# %%
def backprop(X, Y, theta, kind):
    """Mean loss and its gradients [(dW, db), ...] for a tanh network; Y one-hot or real."""
    reps = forward(X, theta)  # 1. X, x¹, ..., z^L, each (n, m_l)
    Z, n = reps[-1], len(X)
    if kind == "squared error":
        delta, loss = (Z - Y) / n, 0.5 * np.sum((Z - Y) ** 2) / n
    else:
        E = np.exp(Z - Z.max(1, keepdims=True))
        P = E / E.sum(1, keepdims=True)
        delta, loss = (P - Y) / n, -np.sum(Y * np.log(P)) / n  # 2.
    grads = []
    for l in range(len(theta) - 1, -1, -1):
        grads.append((delta.T @ reps[l], delta.sum(0)))  # 4.
        if l:
            delta = delta @ theta[l][0] * (1 - reps[l] ** 2)  # 3.
    return loss, grads[::-1]


# %%
net = mlp(6, 9, 7, 5, 3)
theta, (X, Y) = weights_of(net), np.random.default_rng(17).normal(size=(2, 12, 6))
Y = Y[:, :3]
for kind in ("squared error", "cross-entropy"):
    T = Y if kind == "squared error" else np.eye(3)[Y.argmax(1)]
    out, T_ = net(torch.tensor(X)), torch.tensor(T)
    loss = (
        0.5 * ((out - T_) ** 2).sum() / 12
        if kind == "squared error"
        else F.cross_entropy(out, T_)
    )
    auto = torch.autograd.grad(loss, list(net.parameters()))
    ours = [g for pair in backprop(X, T, theta, kind)[1] for g in pair]
    flat_ = lambda arrays: np.concatenate([np.ravel(a) for a in arrays])
    verify(
        f"backpropagation, {kind}: against autograd",
        flat_(ours),
        flat_(auto),
        atol=1e-10,
    )
    numeric = []
    for a in [a for pair in theta for a in pair]:
        for i in list(np.ndindex(a.shape))[:6]:
            kept, ends = a[i], []
            for h in (1e-5, -1e-5):
                a[i] = kept + h
                ends.append(backprop(X, T, theta, kind)[0])
            a[i] = kept
            numeric.append((ends[0] - ends[1]) / 2e-5)
    verify(
        f"backpropagation, {kind}: against central differences",
        flat_([g.flat[:6] for g in ours]),
        np.array(numeric),
        atol=1e-6,
    )

# %%
theta = weights_of(mlp(64, 32, 10))
rng, one_hot = np.random.default_rng(18), np.eye(10)[digits.y_train]
for epoch in range(15):
    for b in np.array_split(rng.permutation(1400), 28):
        _, grads = backprop(digits.X_train[b], one_hot[b], theta, "cross-entropy")
        theta = [(W - 0.7 * dW, c - 0.7 * dc) for (W, c), (dW, dc) in zip(theta, grads)]
right = forward(digits.X_test, theta)[-1].argmax(1) == digits.y_test
verify_at_least(
    "64-32-10 network trained with our backpropagation: test accuracy",
    right.mean(),
    0.95,
)

# %% [markdown]
r"""
(mlp-loss-landscape-remarks)=
### Where one ends up

The gradient is exact; the landscape is what it is. It has many stationary points, and the start decides which is reached. Two rectified units *can* [solve XOR](#eq-bp-xor); a hundred starts with two units each find out how often they do.
"""

# %%
ends = train_xor(100, 2, torch.relu, 600)
share = np.mean(ends < 1e-3)
verify("XOR, 2-2-1 ReLU networks: some of 100 starts succeed", bool(share > 0.05), True)
verify("… and some do not", bool(share < 0.95), True)
zero = mlp(2, 2, 1, act=nn.ReLU)
for w in zero.parameters():
    nn.init.zeros_(w)
F.mse_loss(zero(torch.tensor([[0.0, 1.0]])), torch.ones(1, 1)).backward()
verify(
    "all weights zero: gradient of the first layer",
    zero[0].weight.grad,
    np.zeros((2, 2)),
    atol=0,
)

# %% mystnb={"image": {"alt": "Histogram of the final losses of one hundred XOR networks with two ReLU units: clusters near zero and at a few higher values."}} tags=["hide-input"]
plt.figure(figsize=(6.8, 2.6))
plt.hist(ends, bins=np.linspace(0, 0.3, 31), color=plot.BLUE)
plt.xlabel("final mean squared error")
plt.ylabel("starts")
plt.show()

# %% [markdown]
r"""
:::{admonition} At a kink software returns a convention
:class: correction
**The notes say** that at a kink software returns one of the one-sided derivatives.

**Right is:** for ReLU it does (0). In general it does not: PyTorch gives 0 for $|x|$, whose one-sided slopes are $\pm1$, one half to each of two equal arguments of a maximum, and 0 for $(x)_+-(-x)_+$, although that function is $x$ and its derivative 1.
:::
"""

# %%
x = torch.tensor(0.0, requires_grad=True)
slope_at_0 = lambda f: torch.autograd.grad(f(x), x)[0]
verify("torch's slope of |x| at 0", slope_at_0(torch.abs), 0.0, atol=0)
verify(
    "… of relu(x) − relu(−x), which is x",
    slope_at_0(lambda x: torch.relu(x) - torch.relu(-x)),
    0.0,
    atol=0,
)
verify(
    "… and its true slope",
    (relu(1e-6) - relu(-1e-6) - relu(-1e-6) + relu(1e-6)) / 2e-6,
    1.0,
    atol=1e-9,
)
a, b = torch.ones(2, requires_grad=True)
verify(
    "a maximum of two equal numbers: each gets",
    [g.item() for g in torch.autograd.grad(torch.maximum(a, b), (a, b))],
    [0.5, 0.5],
)

# %% [markdown]
r"""
(initialization-heuristics)=
So one chooses the start with care (or starts from a network that is already trained). *Random*, because equal units get equal gradients and stay equal for ever. And with a variance *scaled to the fan-in*: a ReLU unit with $m$ inputs of mean square $q$ and weights of variance $v$ has pre-activations of variance $mvq$, and ReLU passes half of their mean square on. To keep $q$ from layer to layer, $v=2/m$ {cite:p}`he2015`; with $v=1/m$ it halves each time.
"""

# %%
equal = mlp(3, 4, 1)
for w in equal.parameters():
    nn.init.constant_(w, 0.3)
data_x, data_y = torch.randn(50, 3), torch.randn(50, 1)
minimise(equal.parameters(), lambda: F.mse_loss(equal(data_x), data_y), 200, 0.02)
verify(
    "equal start: spread between the units after 200 steps",
    equal[0].weight.std(0),
    np.zeros(3),
    atol=1e-12,
)

mean_square = {}
for gain in (1, 2):
    torch.manual_seed(5)
    a = torch.randn(200, 256)
    squares = []
    for _ in range(20):
        a = torch.relu(a @ (torch.randn(256, 256) * math.sqrt(gain / 256)))
        squares.append(a.square().mean().item())
    mean_square[gain] = squares
verify(
    "20 layers, variance 2/fan-in: mean square stays, factor",
    bool(1 / 3 < mean_square[2][-1] / mean_square[2][0] < 3),
    True,
)
verify_at_most(
    "20 layers, variance 1/fan-in: mean square over that of 2/fan-in",
    mean_square[1][-1] / mean_square[2][-1],
    1e-3,
)

# %% [markdown]
r"""
## Vectors, matrices, tensors

(jacobian-layout-conventions)=
### Rows or columns?

Half of all errors in hand-made gradients are transposes, and half of those come from mixing two conventions. In *numerator layout* $\bigl(\frac{\partial f}{\partial x}\bigr)_{ij}=\frac{\partial f_i}{\partial x_j}$ has shape $(m,n)$, and the gradient of a scalar is a row. In *denominator layout* it is the transpose, $(n,m)$; gradients are columns, and the factors of the chain rule stand in reverse order. This book's Jacobians are in numerator layout; its gradients have the shape of what they are taken by. Scan the table once, then see every line of it checked in both layouts.

(vector-by-vector-derivatives)=

| function of $x$ | numerator layout | denominator layout |
|---|---|---|
| $a$ (constant) | $0$ | $0$ |
| $x$ | $I$ | $I$ |
| $Ax$ | $A$ | $A^\top$ |
| $x^\top A$ | $A^\top$ | $A$ |
| $x\circ a$ | $\operatorname{diag}(a)$ | $\operatorname{diag}(a)$ |
| $\alpha f$ | $\alpha\,J_f$ | $\alpha\,J_f^\top$ |
| $Af$ | $AJ_f$ | $J_f^\top A^\top$ |
| $u(x)\,f(x)$ | $uJ_f+f\,J_u$ | $uJ_f^\top+J_u^\top f^\top$ |
"""

# %%
torch.manual_seed(6)
jac = torch.func.jacrev
A, A2, a, x = torch.randn(2, 3), torch.randn(3, 2), torch.randn(3), torch.randn(3)
F3, G3, u = mlp(3, 5, 3, seed=1), mlp(3, 5, 3, seed=2), mlp(3, 5, 1, seed=3)
Jf, Ju = jac(F3)(x), jac(u)(x)
vector_table = {  # function: its derivative in numerator, in denominator layout
    "a": (lambda x: a + 0 * x, torch.zeros(3, 3), torch.zeros(3, 3)),
    "x": (lambda x: x, torch.eye(3), torch.eye(3)),
    "Ax": (lambda x: A @ x, A, A.T),
    "xᵀA": (lambda x: x @ A2, A2.T, A2),
    "x∘a": (lambda x: x * a, torch.diag(a), torch.diag(a)),
    "αf": (lambda x: 0.7 * F3(x), 0.7 * Jf, 0.7 * Jf.T),
    "Af": (lambda x: A @ F3(x), A @ Jf, Jf.T @ A.T),
    "uf": (
        lambda x: u(x) * F3(x),
        u(x) * Jf + F3(x)[:, None] @ Ju,
        u(x) * Jf.T + Ju.T @ F3(x)[None],
    ),
}
for name, (f, numerator, denominator) in vector_table.items():
    J = jac(f)(x)
    verify(f"∂({name})/∂x in numerator layout", J, numerator, atol=1e-10)
    verify(f"∂({name})/∂x in denominator layout", J.T, denominator, atol=1e-10)

# %% [markdown]
r"""
:::{admonition} Announce a layout and keep it
:class: correction
**The notes say** in one place that numerator layout is used but give the Jacobian of $f:\mathbb R^n\to\mathbb R^m$ the shape $n\times m$, call that matrix $J_f$ in the next section, and have $\partial(Ax)/\partial x=A$ in one table and $A^\top$ in another.

**Right is:** in numerator layout $J_f$ is $m\times n$ and $\partial(Ax)/\partial x=A$; in denominator layout the shape is $n\times m$ and the entry is $A^\top$. Each is fine alone.
:::
"""

# %%
verify(
    "∂(Ax)/∂x for a 2×3 matrix A: shape in numerator layout",
    tuple(torch.func.jacfwd(lambda x: A @ x)(x).shape),
    (2, 3),
)
verify("… and the matrix itself", torch.func.jacfwd(lambda x: A @ x)(x), A, atol=1e-12)

# %% [markdown]
r"""
(scalar-by-vector-product-and-chain-rules)=
For *scalar* functions denominator layout is the natural one, the gradient being a column. With $J^\top$ written out:

| scalar function of $x$ | gradient |
|---|---|
| $u\,v$ | $u\,\nabla v+v\,\nabla u$ |
| $u(v(x))$ | $u'(v)\,\nabla v$ |
| $f^\top g$ | $J_f^\top g+J_g^\top f$ |
| $f^\top Ag$ | $J_f^\top Ag+J_g^\top A^\top f$ |
| $\lVert f\rVert^2$ | $2J_f^\top f$ |
"""

# %%
f, g, v = mlp(4, 5, 3, seed=4), mlp(4, 5, 2, seed=5), mlp(4, 5, 1, seed=6)
f2, w, x, M = (
    mlp(4, 5, 3, seed=7),
    mlp(4, 5, 1, seed=8),
    torch.randn(4),
    torch.randn(3, 2),
)
J = {name: jac(h)(x) for name, h in zip("f g h v w".split(), (f, g, f2, v, w))}
scalar_table = {
    "uv": (lambda x: v(x)[0] * w(x)[0], v(x) * J["w"][0] + w(x) * J["v"][0]),
    "u(v)": (lambda x: torch.sin(v(x)[0]), torch.cos(v(x)) * J["v"][0]),
    "fᵀg": (lambda x: f(x) @ f2(x), J["f"].T @ f2(x) + J["h"].T @ f(x)),
    "fᵀAg": (lambda x: f(x) @ M @ g(x), J["f"].T @ M @ g(x) + J["g"].T @ M.T @ f(x)),
    "‖f‖²": (lambda x: f(x) @ f(x), 2 * J["f"].T @ f(x)),
}
for name, (h, claimed) in scalar_table.items():
    verify(f"∇({name}) against autograd", torch.func.grad(h)(x), claimed, atol=1e-10)

# %% [markdown]
r"""
(scalar-by-matrix-derivatives)=
### By a matrix

The gradient of a scalar by a matrix has the shape of the matrix: entry $(i,j)$ is the derivative by $X_{ij}$. From $a^\top Xb=\sum_{ij}a_iX_{ij}b_j$ one reads off $a_ib_j$, hence $ab^\top$. With rectangular $X$ a wrong transpose does not even have the right shape, so all but the last three lines below are tried at $X\in\mathbb R^{3\times4}$.

| scalar function of $X$ | gradient |
|---|---|
| $a^\top Xb$ | $ab^\top$ |
| $a^\top X^\top b$ | $ba^\top$ |
| $a^\top X^\top Xb$ | $X(ab^\top+ba^\top)$ |
| $\operatorname{tr}(AXB)$ | $A^\top B^\top$ |
| $\operatorname{tr}(AX^\top B)$ | $BA$ |
| $\operatorname{tr}(XB)$ | $B^\top$ |
| $\operatorname{tr}(XX^\top)$ | $2X$ |
| $\operatorname{tr}X$ (square) | $I$ |
"""

# %%
X, a3, b3, a4, b4 = torch.randn(3, 4), *torch.randn(2, 3), *torch.randn(2, 4)
A, B, C, D = torch.randn(2, 3), torch.randn(4, 2), torch.randn(2, 4), torch.randn(3, 2)
B43 = torch.randn(4, 3)
matrix_table = {
    "aᵀXb": (lambda X: a3 @ X @ b4, torch.outer(a3, b4)),
    "aᵀXᵀb": (lambda X: a4 @ X.T @ b3, torch.outer(b3, a4)),
    "aᵀXᵀXb": (
        lambda X: a4 @ X.T @ X @ b4,
        X @ (torch.outer(a4, b4) + torch.outer(b4, a4)),
    ),
    "tr(AXB)": (lambda X: (A @ X @ B).trace(), A.T @ B.T),
    "tr(AXᵀB)": (lambda X: (C @ X.T @ D).trace(), D @ C),
    "tr(XB)": (lambda X: (X @ B43).trace(), B43.T),
    "tr(XXᵀ)": (lambda X: (X @ X.T).trace(), 2 * X),
    "tr X": (lambda X: X[:, :3].trace(), torch.eye(3, 4)),
}
for name, (h, claimed) in matrix_table.items():
    verify(f"∇ {name} against autograd", torch.func.grad(h)(X), claimed, atol=1e-10)

# %% [markdown]
r"""
:::{admonition} A transpose that the shape betrays
:class: correction
**The notes say** that $\frac\partial{\partial X}\,a^\top X^\top b=ab^\top$.

**Right is:** $ba^\top$. For $X\in\mathbb R^{3\times4}$ the vector $a$ has four entries and $b$ three; $ab^\top$ is $4\times3$, which is not the shape of $X$.
:::
"""

# %%
verify(
    "∇ aᵀXᵀb: shape", tuple(torch.func.grad(matrix_table["aᵀXᵀb"][0])(X).shape), (3, 4)
)
verify("abᵀ: shape", tuple(torch.outer(a4, b3).shape), (4, 3))
square, (p3, q3) = torch.randn(3, 3), torch.randn(2, 3)
g = torch.func.grad(lambda X: p3 @ X.T @ q3)(square)
verify_at_least(
    "square X, where the shapes agree: error of abᵀ",
    abs(g - torch.outer(p3, q3)).max(),
    0.1,
)

# %% [markdown]
r"""
(vector-by-matrix-derivative)=
A *vector* by a matrix has three indices: $\frac{\partial(Xa)_i}{\partial X_{jk}}=\delta_{ij}a_k$. Flattened it is the block matrix $I\otimes a^\top$, mostly zeros. Nobody stores it. Contracted with a row of errors $e$ that comes from behind it gives $\sum_ie_i\delta_{ij}a_k=e_ja_k$, [the outer product](#eq-bp-weight), for which only $a^\top$ need be kept.
"""

# %%
e = torch.randn(3)
T = jac(lambda X: X @ a4)(X)  # (3, 3, 4)
verify("∂(Xa)/∂X = δ ⊗ a", T, torch.einsum("ij,k->ijk", torch.eye(3), a4), atol=1e-12)
verify(
    "… flattened: I ⊗ aᵀ",
    T.reshape(3, 12),
    torch.kron(torch.eye(3), a4[None]),
    atol=1e-12,
)
verify(
    "… contracted with an error: the outer product",
    torch.einsum("i,ijk->jk", e, T),
    torch.outer(e, a4),
    atol=1e-12,
)

# %% [markdown]
r"""
:::{admonition} Neither X nor x is left
:class: correction
**The notes say** that $\frac\partial{\partial x}[Xa]=x^\top$.

**Right is:** $Xa$ is linear in $X$, so its derivative by $X$ contains neither $X$ nor $x$. The generalised gradient is $a^\top$, repeated in blocks: $I\otimes a^\top$.
:::
"""

# %%
verify(
    "∂(Xa)/∂X at another X: the same tensor",
    jac(lambda X: X @ a4)(5 * X - 1),
    T,
    atol=1e-12,
)

# %% [markdown]
r"""
(matrix-function-derivatives)=
For matrices $A(t)$ that depend on one number the product rule must keep the order of the factors:

| function | derivative |
|---|---|
| $A+B$ | $A'+B'$ |
| $ABC$ | $A'BC+AB'C+ABC'$ |
| $A^n$ | $\sum_{k=0}^{n-1}A^kA'A^{n-1-k}$ |
| $A^{-1}$ | $-A^{-1}A'A^{-1}$ |
| $\det A$ | $\operatorname{tr}(\operatorname{adj}(A)\,A')=\det(A)\operatorname{tr}(A^{-1}A')$ |
| $\log\det A$ | $\operatorname{tr}(A^{-1}A')$, that is, $\nabla_A\log\det A=A^{-\top}$ |

The fourth follows from differentiating $AA^{-1}=I$. The fifth is Jacobi's: a cofactor expansion shows $\partial\det A/\partial A_{ij}=\operatorname{adj}(A)_{ji}$.
"""

# %%
torch.manual_seed(7)
(A0, A1, B0, B1), C0 = torch.randn(4, 4, 4), torch.randn(4, 4)
At, Bt, inv = lambda t: A0 + t * A1, lambda t: B0 + t * B1, torch.linalg.inv
At_p = lambda n: torch.linalg.matrix_power(A0, n)
rules = {
    "A + B": (lambda t: At(t) + Bt(t), A1 + B1),
    "ABA": (
        lambda t: At(t) @ Bt(t) @ At(t),
        A1 @ B0 @ A0 + A0 @ B1 @ A0 + A0 @ B0 @ A1,
    ),
    "A⁴": (
        lambda t: At(t) @ At(t) @ At(t) @ At(t),
        sum(At_p(k) @ A1 @ At_p(3 - k) for k in range(4)),
    ),
    "A⁻¹": (lambda t: inv(At(t)), -inv(A0) @ A1 @ inv(A0)),
    "det A": (
        lambda t: torch.linalg.det(At(t)),
        torch.linalg.det(A0) * (inv(A0) @ A1).trace(),
    ),
    "log|det A|": (lambda t: torch.linalg.slogdet(At(t))[1], (inv(A0) @ A1).trace()),
}
at0, h = torch.tensor(0.0), 1e-5
for name, (f, claimed) in rules.items():
    tangent = torch.func.jvp(f, (at0,), (torch.tensor(1.0),))[1]
    verify(f"({name})′ by torch's forward mode", tangent, claimed, atol=1e-10)
    verify(
        f"({name})′ by central differences",
        (f(at0 + h) - f(at0 - h)) / (2 * h),
        claimed,
        atol=1e-6,
    )
verify(
    "∇ log|det A| = A⁻ᵀ",
    torch.func.grad(lambda A: torch.linalg.slogdet(A)[1])(A0),
    inv(A0).T,
    atol=1e-10,
)

# %% [markdown]
r"""
:::{admonition} Jacobi's formula needs the adjugate
:class: correction
**The notes say** $(\det A)'=\operatorname{Tr}(A'A)$.

**Right is:** $(\det A)'=\operatorname{Tr}(\operatorname{adj}(A)\,A')=\det(A)\operatorname{Tr}(A^{-1}A')$.
:::
"""

# %%
adjugate = torch.tensor(
    [
        [
            (-1) ** (i + j)
            * np.linalg.det(np.delete(np.delete(A0.numpy(), j, 0), i, 1))
            for j in range(4)
        ]
        for i in range(4)
    ]
)
verify(
    "(det A)′ with the adjugate from its minors",
    (adjugate @ A1).trace(),
    rules["det A"][1].item(),
    rtol=1e-10,
)
verify_at_least(
    "error of the printed formula Tr(A′A)",
    abs((A1 @ A0).trace() - rules["det A"][1]),
    0.1,
)

# %% [markdown]
r"""
(tensor-contraction)=
### With more indices

Matrix by matrix has four indices, and so on. One operation keeps order, the *contraction*: for $P$ with axes $(r_1,\dots,r_a,s_1,\dots,s_b)$ and $Q$ with axes $(s_1,\dots,s_b,t_1,\dots,t_c)$,

$$
T_{i,k}=\sum_{j_1,\dots,j_b}P_{i,j}\,Q_{j,k}\qquad(i,j,k\text{ multi-indices}),
$$ (eq-bp-contraction)

nothing but a matrix product after each group of axes is flattened into one.
"""

# %%
rng = np.random.default_rng(19)
P, Q = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(4, 5, 6))
T = np.tensordot(P, Q, axes=2)
verify("contraction: shape", T.shape, (2, 3, 6))
verify("contraction by einsum", np.einsum("abcd,cde->abe", P, Q), T, atol=1e-12)
verify(
    "contraction by flattening",
    (P.reshape(6, 20) @ Q.reshape(20, 6)).reshape(2, 3, 6),
    T,
    atol=1e-12,
)

# %% [markdown]
r"""
(tensor-chain-rule)=
And with it the chain rule reads as ever. For $Y(W)\in\mathbb R^{d_3\times d_4}$ and a scalar $L(Y)$, contract over both indices of $Y$:

$$
\frac{\partial L}{\partial W}=\frac{\partial L}{\partial Y}\times_{d_3,d_4}\frac{\partial Y}{\partial W},\qquad\Bigl(\frac{\partial Y}{\partial W}\Bigr)_{ijkl}=\frac{\partial Y_{ij}}{\partial W_{kl}} .
$$ (eq-bp-tensor-chain)

Take $Y=WX$. Then $\frac{\partial Y_{ij}}{\partial W_{kl}}=\delta_{ik}X_{lj}$, and contracting with $\bar Y$, $\sum_{ij}\bar Y_{ij}\delta_{ik}X_{lj}=\sum_j\bar Y_{kj}X_{lj}=(\bar YX^\top)_{kl}$: the rule that our `matmul` uses, and no tensor of four indices was ever stored. The other factor goes the same way and gives $W^\top\bar Y$.
"""

# %%
W, X = torch.randn(3, 4), torch.randn(4, 5)
L_of = lambda W: torch.sin(W @ X).sum()
Y_bar = torch.cos(W @ X)  # ∂L/∂Y
dYdW = jac(lambda W: W @ X)(W)  # (3, 5, 3, 4)
contracted = torch.tensordot(Y_bar, dYdW, dims=2)
auto = torch.func.grad(L_of)(W)
verify(
    "L = Σ sin(WX): the order-4 tensor contracted, against autograd",
    contracted,
    auto,
    atol=1e-10,
)
verify("… and ȲXᵀ, without any tensor", Y_bar @ X.T, auto, atol=1e-10)
verify(
    "the other factor gets WᵀȲ",
    W.T @ Y_bar,
    torch.func.grad(lambda X: torch.sin(W @ X).sum())(X),
    atol=1e-10,
)

# %% [markdown]
r"""
:::{admonition} The first factor is by Y
:class: correction
**The notes say** $\frac{\partial L}{\partial W}=\frac{\partial L}{\partial W}\times\frac{\partial y}{\partial W}$ with $T_{ijkl}=\frac{\partial y_{i,j,l}}{\partial W_{k,l}}$.

**Right is:** the first factor is $\frac{\partial L}{\partial y}$ (otherwise the left side stands on the right), and $T_{ijkl}=\frac{\partial y_{ij}}{\partial W_{kl}}$, two indices for each matrix.
:::
"""

# %%
verify("∂Y/∂W of a 3×5 by a 3×4 matrix: shape", tuple(dYdW.shape), (3, 5, 3, 4))
verify(
    "the contraction runs over the two axes of Y, of sizes",
    tuple(Y_bar.shape),
    tuple(dYdW.shape[:2]),
)
# %% [markdown]
r"""
(bp-practice)=
## In practice

At work one writes `loss.backward()` and means PyTorch. After this chapter it holds no secret: the same graph, the same traversal, in C++ and for many more operations. Fifty steps of training with our engine and with PyTorch end at the same weights.
"""

# %%
net = mlp(64, 32, 10)
theta = [Tensor(a) for W, b in weights_of(net) for a in (W.T.copy(), b)]
sgd = torch.optim.SGD(net.parameters(), lr=0.5)
for step in range(50):
    rows = slice(28 * step, 28 * step + 28)
    sgd.zero_grad()
    F.cross_entropy(net(Xd[rows]), Yd[rows]).backward()
    sgd.step()
    for p in theta:
        p.grad = None
    cross_entropy(network(digits.X_train[rows], theta), digits.y_train[rows]).backward()
    for p in theta:
        p.data = p.data - 0.5 * p.grad
for ours, p in zip(theta, net.parameters()):
    verify(
        f"50 steps on digits, parameters of shape {tuple(p.shape)}: ours and torch's",
        ours.data.T,
        p,
        atol=1e-12,
    )

# %% [markdown]
"""
Four tools worth knowing by name. `torch.autograd.gradcheck` is our finite-difference test. `torch.func.jvp` is forward mode, `vjp` reverse mode, `jacfwd` and `jacrev` whole Jacobians by either; `vmap` runs any of them for every example at once.
"""

# %%
verify(
    "gradcheck accepts tanh",
    torch.autograd.gradcheck(torch.tanh, torch.randn(5, requires_grad=True)),
    True,
)
net = mlp(3, 5, 4)
x, v, e = torch.randn(3), torch.randn(3), torch.randn(4)
_, pushed = torch.func.jvp(net, (x,), (v,))
_, pull = torch.func.vjp(net, x)
verify(
    "a tangent pushed forward and an error pulled back: e·(Jv) = (eᵀJ)·v",
    e @ pushed,
    (pull(e)[0] @ v).item(),
    rtol=1e-12,
)
weights, batch_x = dict(net.named_parameters()), torch.randn(6, 3)
one = lambda w, x: torch.func.functional_call(net, w, x).square().sum()
each = torch.func.vmap(torch.func.grad(one), in_dims=(None, 0))(weights, batch_x)
net(batch_x).square().sum().backward()
verify(
    "six per-example gradients add up to that of the batch",
    each["0.weight"].sum(0),
    net[0].weight.grad,
    atol=1e-12,
)

# %% [markdown]
r"""
### How fast is a hundred lines?

The smallest engine that many have learned from is micrograd {cite:p}`karpathy2020`: one Python object for every *number*. Its demonstration is two moons of 100 points, two hidden layers of 16 ReLUs, a hinge loss and a little weight decay. Ours has one object for every *array*. We give both the same weights and the same points, let micrograd take one full step (that is all we can afford: it builds tens of thousands of objects), and compare loss and gradient. For the weight decay we teach our engine one more operation, the sum of all squares.
"""

# %%
from micrograd.engine import Value
from micrograd.nn import MLP

Xm, ym = datasets.make_moons(100, noise=0.1, random_state=1)
sign = (2.0 * ym - 1)[:, None]  # (100, 1)
rng = np.random.default_rng(20)
shapes = [(2, 16), (16, 16), (16, 1)]
start = [a for s in shapes for a in (rng.uniform(-1, 1, s), np.zeros(s[1]))]
scalar_net = MLP(2, [16, 16, 1])
for layer, W in zip(scalar_net.layers, start[::2]):
    for neuron, w in zip(layer.neurons, W.T):
        for value, number in zip(neuron.w, w):
            value.data = float(number)


# %%
def scalar_step():
    """micrograd's demo as it stands: value, gradient and update of one step."""
    margins = [
        (1 + -s * scalar_net(list(map(Value, row)))).relu()
        for row, s in zip(Xm, 2 * ym - 1)
    ]
    loss = sum(margins) * (1.0 / 100) + 1e-4 * sum(
        p * p for p in scalar_net.parameters()
    )
    scalar_net.zero_grad()
    loss.backward()
    gradient = np.array([p.grad for p in scalar_net.parameters()])
    for p in scalar_net.parameters():
        p.data -= 0.1 * p.grad
    return loss.data, gradient


def squares(tensors):
    """The sum of the squares of all entries of all of them, as one node."""
    return node(
        sum(np.vdot(p.data, p.data) for p in tensors),
        *[(p, lambda g, p=p: 2 * g * p.data) for p in tensors],
    )


def array_step(theta):
    for p in theta:
        p.grad = None
    margins = (1.0 - network(Xm, theta, rectify) * sign).relu()
    loss = margins.mean() + 1e-4 * squares(theta)
    loss.backward()
    for p in theta:
        p.data = p.data - 0.1 * p.grad
    return loss


# %%
before = time.process_time()
scalar_loss, scalar_gradient = scalar_step()
scalar_time = time.process_time() - before

theta = [Tensor(a) for a in start]
loss = array_step(theta)
gradient = np.concatenate(
    [np.c_[W.grad.T, b.grad].ravel() for W, b in zip(theta[::2], theta[1::2])]
)
verify("two moons: our loss and micrograd's", loss.data, scalar_loss, rtol=1e-12)
verify("two moons: our gradient and micrograd's", gradient, scalar_gradient, atol=1e-12)

# %%
torch_theta = [torch.tensor(a, requires_grad=True) for a in start]
Xt, st = torch.tensor(Xm), torch.tensor(sign)


def torch_step():
    for p in torch_theta:
        p.grad = None
    h = torch.relu(Xt @ torch_theta[0] + torch_theta[1])
    h = torch.relu(h @ torch_theta[2] + torch_theta[3])
    margins = torch.relu(1.0 - (h @ torch_theta[4] + torch_theta[5]) * st)
    loss = margins.mean() + 1e-4 * sum((p * p).sum() for p in torch_theta)
    loss.backward()
    with torch.no_grad():
        for p in torch_theta:
            p -= 0.1 * p.grad
    return loss


theta = [Tensor(a) for a in start]
verify(
    "two moons: our loss and torch's",
    array_step(theta).data,
    torch_step().item(),
    rtol=1e-12,
)
hundred = lambda step: seconds(lambda: [step() for _ in range(40)], 8) / 40
array_time, torch_time = hundred(lambda: array_step(theta)), hundred(torch_step)
measured("one step of micrograd", scalar_time, ("one of ours", array_time))
measured(
    "one step of torch, called from Python", torch_time, ("one of ours", array_time)
)

# %% [markdown]
"""
All that for the same numbers: the interpreter is paid by the operation, so operations should be large. What was measured is one step of micrograd beside the fastest average of forty steps of ours, on one thread, in the processor's seconds. PyTorch's own bookkeeping is paid by the operation as well. On large matrices the arithmetic itself counts, and it is the same arithmetic for all who call a matrix product:
"""

# %%
rng = np.random.default_rng(21)
big = [rng.normal(size=s) / 32 for s in ((1024, 1024), (1024,), (1024, 1024), (1024,))]
rows = rng.normal(size=(256, 1024))
ours, theirs = (
    [Tensor(a) for a in big],
    [torch.tensor(a, requires_grad=True) for a in big],
)


def our_big():
    for p in ours:
        p.grad = None
    (network(rows, ours) ** 2).mean().backward()


def their_big():
    for p in theirs:
        p.grad = None
    hidden = torch.tanh(torch.tensor(rows) @ theirs[0] + theirs[1])
    ((hidden @ theirs[2] + theirs[3]) ** 2).mean().backward()


our_time, their_time = seconds(our_big), seconds(their_big)
verify(
    "width 1024, batch 256: gradients of both engines",
    ours[0].grad,
    theirs[0].grad,
    atol=1e-12,
)
measured("width 1024, batch 256: ours", our_time, ("torch", their_time))

# %% [markdown]
r"""
## Beware

**A second `backward`.** Many small engines keep the adjoints of *all* nodes and add to them. The first call is right; the second finds the old adjoints inside the graph and pushes them on once more. For $(x^2)^2$ it should double the gradient $4x^3$:
"""

# %%
m, t = Value(1.5), Tensor(1.5)
squares = m * m, t * t
z, w = (u * u for u in squares)
for _ in range(2):
    z.backward()
    w.backward()
verify(
    "backward twice with ours: gradient over 4x³",
    t.grad / (4 * 1.5**3),
    2.0,
    rtol=1e-12,
)
verify(
    "backward twice with adjoints kept in every node",
    m.grad / (4 * 1.5**3),
    3.0,
    rtol=1e-12,
)

# %% [markdown]
"""
**A cut in the graph is silent.** `detach`, `item`, a detour through NumPy: the value is right, the path is gone, and the gradient is only part of the truth.
"""

# %%
x = torch.tensor(2.0, requires_grad=True)
(x * x.detach()).backward()
verify(
    "slope of x · x at 2 with one factor detached, where 4 is right",
    x.grad,
    2.0,
    atol=0,
)

# %% [markdown]
"""
**Formulas that are right and programs that are not.** The softmax of large numbers overflows; its derivative, infinity over infinity, is not a number. Take the maximum out first, as [our loss](#reverse-mode-ad) does.
"""

# %%
big_z = np.array([[1000.0, 0.0, -1000.0]])
with np.errstate(all="ignore"):
    z = Tensor(big_z)
    naive = z.exp().sum(1).log() - z[np.arange(1), np.array([1])]
    naive.sum().backward()
verify(
    "naive cross-entropy of large numbers: the gradient is a number",
    bool(np.isfinite(z.grad).all()),
    False,
)
z = Tensor(big_z)
cross_entropy(z, np.array([1])).backward()
verify("with the maximum taken out", z.grad[0], [1.0, -1.0, 0.0], atol=1e-12)

# %% [markdown]
"""
**Checking in single precision.** A finite difference loses half the digits; of the seven that float32 has, too few are left to tell a bug from rounding. Check in double.
"""

# %%
gap = {}
for dtype in (np.float32, np.float64):
    x, h = np.linspace(0.5, 2, 50).astype(dtype), dtype(1e-5)
    numeric = (np.log(x + h) - np.log(x - h)) / (2 * h)
    gap[dtype] = abs(numeric - 1 / x).max()
verify_at_least("log by central differences, float32: error", gap[np.float32], 1e-3)
verify_at_most("… float64", gap[np.float64], 1e-8)

# %% [markdown]
"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""


# %% tags=["remove-cell"] jupyter={"source_hidden": true}
@exercise.define("bp-one-unit")
def _(answer):
    w1, w2, b, u, c = answer
    said = u * abs(CORNERS.numpy() @ [w1, w2] + b) + c
    assert np.allclose(said, XOR[:, 0]), f"on the four points it gives {said}"


@exercise.define("bp-bump")
def _(answer):
    kinks, change = map(np.asarray, answer)
    x = np.linspace(-2, 3, 501)
    said = relu(x[:, None] - kinks) @ change
    assert len(kinks) <= 3, "three units are enough"
    assert np.allclose(said, np.maximum(0, 1 - abs(2 * x - 1))), (
        "it is not the hat; what must the slope be left of 0, and right of 1?"
    )


@exercise.define("bp-width")
def _(answer):
    assert answer == int(answer), "a width is a whole number"
    error = lambda q: np.pi**2 / (8 * q**2)
    assert error(answer) <= 1e-4, "the bound is still above 1e-4"
    assert error(answer - 1) > 1e-4, "fewer units are enough"


@exercise.define("bp-shallow")
def _(answer):
    assert R(answer, 2) >= 592, f"{answer} units make at most {R(answer, 2)} regions"
    assert R(answer - 1, 2) < 592, "fewer would do"


@exercise.define("bp-softmax")
def _(answer):
    z = torch.tensor([0.3, -1.2, 2.0, 0.1])
    assert np.shape(answer(z.numpy())) == (4, 4), "the Jacobian of R⁴ → R⁴ is 4×4"
    assert np.allclose(
        answer(z.numpy()), torch.func.jacrev(lambda z: torch.softmax(z, 0))(z)
    ), "it differs from autograd"


@exercise.define("bp-softplus")
def _(answer):
    a = np.array([-800.0, -2.0, 0.0, 3.0, 800.0])
    x, t = Tensor(a), torch.tensor(a, requires_grad=True)
    y = answer(x)
    assert isinstance(y, Tensor), "return a node"
    (y * y).sum().backward()
    torch.logaddexp(t, 0 * t).square().sum().backward()
    assert np.isfinite(y.data).all(), "the value overflows at 800"
    assert np.allclose(x.grad, t.grad, atol=1e-12), "the gradient differs from torch"


@exercise.define("bp-sandwich")
def _(answer):
    A, X, B, C = (
        torch.randn(*s, generator=torch.Generator().manual_seed(1))
        for s in ((2, 3), (3, 4), (4, 5), (2, 5))
    )
    auto = torch.func.grad(lambda X: (A @ X @ B - C).square().sum())(X)
    said = answer(*(M.numpy() for M in (A, X, B, C)))
    assert np.shape(said) == (3, 4), "the gradient has the shape of X"
    assert np.allclose(said, auto), "it differs from autograd"


@exercise.define("bp-curvature")
def _(answer):
    rng = np.random.default_rng(3)
    w, v, M = rng.normal(size=6), rng.normal(size=6), rng.normal(size=(6, 6))
    loss = lambda w: (w.tanh() @ M).exp().sum()
    H = torch.func.hessian(lambda w: torch.exp(torch.tanh(w) @ torch.tensor(M)).sum())(
        torch.tensor(w)
    )
    said = answer(loss, w[None], v[None])
    assert np.allclose(np.ravel(said), H.numpy() @ v, rtol=1e-4), (
        "it is not the Hessian times v"
    )


@exercise.define("bp-brackets")
def _(answer):
    rng = np.random.default_rng(4)

    def brute(d):
        if len(d) == 2:
            return 0
        return min(
            brute(d[: k + 1]) + brute(d[k:]) + d[0] * d[k] * d[-1]
            for k in range(1, len(d) - 1)
        )

    for n in range(2, 8):
        d = rng.integers(1, 50, n).tolist()
        assert answer(d) == brute(d), f"for the sizes {d} the best is {brute(d)}"

    class Sizes(list):
        """Matrix sizes that count how often they are read."""

        reads = 0

        def __getitem__(self, k):
            Sizes.reads += 1
            assert Sizes.reads < 20_000, "too much work: remember the results"
            found = super().__getitem__(k)
            return Sizes(found) if isinstance(k, slice) else found

    answer(Sizes([10, 20] * 7))


# %% [markdown]
r"""
:::{exercise} One unit
:label: ex-bp-one-unit
Solve XOR with a single absolute-value unit: find $w_1,w_2,b,u,c$ with $u\,|w_1x_1+w_2x_2+b|+c$ right on all four points.
:::
"""

# %%
one_unit = ...  # five numbers (w1, w2, b, u, c)

exercise("bp-one-unit").check(one_unit)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$x_1+x_2-1$ is $-1$, $0$, $0$, $1$; fold it at 0 and turn it over.

```python
one_unit = (1, 1, -1, -1, 1)
```

</details>

:::{exercise} A hat
:label: ex-bp-bump
Build the hat that is 0 outside $[0,1]$ and rises in straight lines to 1 at $\frac12$: give three kinks and the changes of slope, as in [the kink formula](#eq-bp-kinks).
:::
"""

# %%
bump = ...  # a pair of lists (kinks, changes)

exercise("bp-bump").check(bump)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The slopes are 0, 2, −2, 0, so they change by 2, −4, 2.

```python
bump = ([0.0, 0.5, 1.0], [2.0, -4.0, 2.0])
```

</details>

:::{exercise} Wide enough
:label: ex-bp-width
For which smallest $q$ does [the bound](#eq-bp-rate) promise an error of at most $10^{-4}$ for $f(x)=\cos\pi x$ on $[0,1]$?
:::
"""

# %%
wide_enough = ...  # a whole number

exercise("bp-width").check(wide_enough)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\max|f''|=\pi^2$, so $q\ge\pi/\sqrt{8\cdot10^{-4}}\approx111.07$.

```python
wide_enough = math.ceil(math.pi / math.sqrt(8e-4))
```

</details>

:::{exercise} Sixteen units or …
:label: ex-bp-shallow
Two layers of eight units on two inputs can have 592 regions. How many units does *one* layer need to have as many?
:::
"""

# %%
shallow = ...  # a whole number

exercise("bp-shallow").check(shallow)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$1+m+\frac{m(m-1)}2\ge592$; $m=33$ gives 562, $m=34$ gives 596.

```python
shallow = 34
```

</details>

:::{exercise} Softmax
:label: ex-bp-softmax
Write the Jacobian of $z\mapsto\operatorname{softmax}(z)$, without autograd.
:::
"""

# %%
softmax_jacobian = ...  # a function of the array z

exercise("bp-softmax").check(softmax_jacobian)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac{\partial p_i}{\partial z_j}=p_i\delta_{ij}-p_ip_j$, the [Hessian](#softmax-cross-entropy-gradient) of the cross-entropy.

```python
def softmax_jacobian(z):
    p = np.exp(z - z.max())
    p = p / p.sum()
    return np.diag(p) - np.outer(p, p)
```

</details>

:::{exercise} A new operation
:label: ex-bp-softplus
Teach the engine softplus, $\log(1+e^x)$, as one node that survives $x=\pm800$.
:::
"""

# %%
softplus = ...  # a function of a Tensor that returns a node

exercise("bp-softplus").check(softplus)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The slope is the sigmoid; $\sigma(x)=\frac12(1+\tanh\frac x2)$ never overflows.

```python
def softplus(a):
    slope = 0.5 * (1 + np.tanh(a.data / 2))
    return node(np.logaddexp(0, a.data), (a, lambda g: g * slope))
```

</details>

:::{exercise} A sandwich
:label: ex-bp-sandwich
What is the gradient of $\|AXB-C\|_F^2$ by $X$?
:::
"""

# %%
sandwich = ...  # a function of A, X, B, C

exercise("bp-sandwich").check(sandwich)

# %% [markdown]
r"""
<details><summary>Solution</summary>

With $E=AXB-C$ the adjoint of $AXB$ is $2E$, and [the rule of the product](#eq-bp-tensor-chain), used twice, gives $2A^\top EB^\top$.

```python
sandwich = lambda A, X, B, C: 2 * A.T @ (A @ X @ B - C) @ B.T
```

</details>

:::{exercise} Curvature for two gradients
:label: ex-bp-curvature
The Hessian of a loss with a million weights has $10^{12}$ entries. Its product with *one* vector $v$ is cheap: the derivative of $\nabla\mathcal R(w+\epsilon v)$ by $\epsilon$. Compute it with the engine and a central difference.
:::
"""

# %%
curvature = ...  # a function of (loss, w, v); loss takes a Tensor, w and v are arrays

exercise("bp-curvature").check(curvature)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Two gradients, so at most ten evaluations, by [the theorem](#cheap-gradient-principle).

```python
def curvature(loss, w, v, h=1e-5):
    ends = []
    for step in (h, -h):
        t = Tensor(w + step * v)
        loss(t).backward()
        ends.append(t.grad)
    return (ends[0] - ends[1]) / (2 * h)
```

</details>

:::{exercise} Project: the best brackets
:label: ex-bp-brackets
Forward and reverse are only two ways to bracket [a product of Jacobians](#eq-bp-product). Given sizes $d_0,\dots,d_L$ of matrices $(d_0,d_1),(d_1,d_2),\dots$, find the least number of multiplications over all brackets. Then look for sizes where neither end is the best place to start.
:::
"""

# %%
brackets = ...  # a function of the list of sizes

exercise("bp-brackets").check(brackets)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The last product splits the chain somewhere; both sides are smaller problems of the same kind, and there are only $L(L+1)/2$ of them.

```python
def brackets(d):
    @functools.cache
    def best(i, j):
        if j - i < 2:
            return 0
        return min(best(i, k) + best(k, j) + d[i] * d[k] * d[j] for k in range(i + 1, j))

    return best(0, len(d) - 1)
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| perceptron | $x^l=\sigma^l(W^lx^{l-1}+b^l)$, $\sum_lm_l(m_{l-1}+1)$ parameters | [layers](#eq-bp-mlp) |
| output and loss | affine, sigmoid, softmax with their likelihoods: error $\hat y-y$ | [signal](#eq-bp-error-signal) |
| universality | $\sum_ku_k\sigma(w_k^\top x+b_k)$ is dense unless $\sigma$ is a polynomial; ReLU error $\max\lvert f''\rvert/8q^2$ | [sum](#eq-bp-universal), [rate](#eq-bp-rate) |
| regions | one layer $\sum_{i\le n}\binom mi$; $L$ tents $2^L$ | [cells](#eq-bp-cells), [depth](#eq-bp-montufar) |
| chain rule | $J_{H\circ G}=J_HJ_G$ | [Jacobians](#eq-bp-jacobian-chain) |
| forward mode | one sweep for each input | [dual](#eq-bp-forward) |
| reverse mode | $\bar v=\sum_w\bar w\,\partial w/\partial v$: one sweep for each output | [adjoints](#eq-bp-reverse) |
| cheap gradient | value and gradient for at most 5 values, about 3 for dense layers | [theorem](#cheap-gradient-principle) |
| backpropagation | $\delta^l=(W^{l+1\top}\delta^{l+1})\odot\sigma'(z^l)$, $\partial\mathcal R/\partial W^l=\delta^l(x^{l-1})^\top$ | [recursion](#eq-bp-delta) |
| start | variance $2/\text{fan-in}$ for ReLU | [scale](#initialization-heuristics) |
| matrix product | $Y=WX$: $\bar W=\bar YX^\top$, $\bar X=W^\top\bar Y$ | [contraction](#eq-bp-tensor-chain) |

**Further reading.** {cite:t}`griewank2008` for everything about automatic differentiation, {cite:t}`baydin2018` for a survey from the side of learning. In their authors' words: backpropagation {cite:p}`rumelhart1986`, the bound of five {cite:p}`baur1983`, universality {cite:p}`cybenko1989,leshno1993`, regions and depth {cite:p}`montufar2014`. {cite:t}`karpathy2020` is the smallest engine that is right; the habit of a value and a closure comes from there.
"""
