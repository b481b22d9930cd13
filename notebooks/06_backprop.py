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

A network of a million weights turns a small picture into one number, its loss. To train it you need to know, for each of the million weights, how the loss answers when that weight alone is nudged. Nudging them one by one takes a million and one evaluations of the network. How many does it really take?
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
import heapq
import itertools
import math
import time

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch
from scipy import optimize
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint_sequential
from torch.utils.flop_counter import FlopCounterMode

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
torch.set_default_dtype(torch.float64)


def mlp(*sizes, act=nn.Tanh, seed=0):
    """Torch's affine layers of these widths with an activation between any two."""
    torch.manual_seed(seed)
    layers = [nn.Linear(m, k) for m, k in zip(sizes, sizes[1:])]
    return nn.Sequential(*[f for layer in layers for f in (layer, act())][:-1])


def size(net):
    return sum(p.numel() for p in net.parameters())


def weights_of(net):
    """[(W, b), ...] of a torch network as arrays."""
    array = lambda p: p.detach().numpy().copy()
    return [(array(f.weight), array(f.bias)) for f in net if isinstance(f, nn.Linear)]


def torch_price(net, examples=1):
    """Cost of value and gradient over that of the value, by torch's own counter."""
    totals = []
    for gradient in (False, True):
        with FlopCounterMode(display=False) as counter:
            loss = net(torch.ones(examples, net[0].in_features)).square().sum()
            if gradient:
                loss.backward()
        totals.append(counter.get_total_flops())
    return totals[1] / totals[0]


def seconds(f, repeats):
    """The fastest of a few runs, in seconds of this process."""
    best = math.inf
    for _ in range(repeats):
        start = time.process_time()
        f()
        best = min(best, time.process_time() - start)
    return best


# %% tags=["remove-cell"]
@exercise.define("bp-one-unit")
def _(answer):
    w1, w2, b, u, c = answer
    said = u * abs(np.array([0, w2, w1, w1 + w2]) + b) + c
    assert np.allclose(said, [0, 1, 1, 0]), f"on the four points it gives {said}"
    return True


@exercise.define("bp-two-inputs")
def _(answer):
    f = lambda x, y: (x + y) * (x * y)
    slopes = [
        (f(2 + 1e-5, 3) - f(2 - 1e-5, 3)) / 2e-5,
        (f(2, 3 + 1e-5) - f(2, 3 - 1e-5)) / 2e-5,
    ]
    right = np.isclose(answer, slopes, atol=1e-6)
    assert right.all(), f"right are {right.sum()} of the two; each has two paths"
    return True


@exercise.define("bp-by-hand")
def _(answer):
    y = torch.tensor(1.0, requires_grad=True)
    (y_bar,) = torch.autograd.grad(y + y.sqrt(), y)
    x = torch.tensor(math.e, requires_grad=True)
    (x_bar,) = torch.autograd.grad(x.log() + x.log().sqrt(), x)
    assert abs(answer[0] - y_bar.item()) < 1e-3, "ȳ has two successors, f and s"
    assert abs(answer[1] - x_bar.item()) < 1e-3, "x̄ is ȳ times the slope of the log"
    return True


@exercise.define("bp-new-unit")
def _(answer):
    for at in (-1.5, 0.3, 2.0):
        v = Value(at)
        w = v * v + Value(-1.0) * v
        f = answer(w) * v
        assert isinstance(f, Value), "return a Value"
        backward(f)
        t = torch.tensor(at, requires_grad=True)
        ((t * t - t).relu() * t).backward()
        assert abs(v.grad - t.grad.item()) < 1e-9, f"at {at} the slope differs"
    return True


@exercise.define("bp-two-ends")
def _(answer):
    d = (3, 1000, 1000, 2)
    right = (
        d[2] * d[1] * d[0] + d[3] * d[2] * d[0],
        d[3] * d[2] * d[1] + d[3] * d[1] * d[0],
    )
    assert answer[0] == right[0], "from the input side: J₂J₁ first"
    assert answer[1] == right[1], "from the output side: J₃J₂ first"
    return True


@exercise.define("bp-half-dead")
def _(answer):
    W = torch.tensor([[1.0, -1.0], [2.0, 1.0]], requires_grad=True)
    h = torch.relu(W @ torch.tensor([1.0, 2.0]))
    (0.5 * (torch.tensor([3.0, -1.0]) @ h) ** 2).backward()
    assert np.shape(answer) == (2, 2), "the gradient has the shape of W¹"
    assert np.allclose(answer, W.grad), "which of the two units is active?"
    return True


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
    return True


@exercise.define("bp-price")
def _(answer):
    right = torch_price(mlp(784, 100, 10))
    assert abs(answer - right) < 0.005, "what does the first layer not have to do?"
    return True


@exercise.define("bp-fold-gain")
def _(answer):
    rng, m = np.random.default_rng(0), 400
    a = rng.normal(size=(300, m))
    after = abs(a @ (rng.normal(size=(m, 2000)) * math.sqrt(answer(m))))
    kept = np.mean(after**2) / np.mean(a**2)
    assert abs(kept - 1) < 0.03, f"a layer multiplies the mean square by {kept:.2f}"
    return True


@exercise.define("bp-bump")
def _(answer):
    kinks, change = map(np.asarray, answer)
    x = np.linspace(-2, 3, 501)
    said = np.maximum(x[:, None] - kinks, 0) @ change
    assert len(kinks) <= 3, "three units are enough"
    assert np.allclose(said, np.maximum(0, 1 - abs(2 * x - 1))), (
        "it is not the hat; what must the slope be left of 0, and right of 1?"
    )
    return True


@exercise.define("bp-softmax")
def _(answer):
    z = torch.tensor([0.3, -1.2, 2.0, 0.1])
    assert np.shape(answer(z.numpy())) == (4, 4), "the Jacobian of R⁴ → R⁴ is 4×4"
    right = torch.func.jacrev(lambda z: torch.softmax(z, 0))(z)
    assert np.allclose(answer(z.numpy()), right), "it differs from autograd"
    return True


@exercise.define("bp-sandwich")
def _(answer):
    numbers = torch.Generator().manual_seed(1)
    shapes = ((2, 3), (3, 4), (4, 5), (2, 5))
    A, X, B, C = (torch.randn(*s, generator=numbers) for s in shapes)
    auto = torch.func.grad(lambda X: (A @ X @ B - C).square().sum())(X)
    said = answer(*(M.numpy() for M in (A, X, B, C)))
    assert np.shape(said) == (3, 4), "the gradient has the shape of X"
    assert np.allclose(said, auto), "it differs from autograd"
    return True


@exercise.define("bp-curvature")
def _(answer):
    rng = np.random.default_rng(3)
    w, v, M = rng.normal(size=6), rng.normal(size=6), rng.normal(size=(6, 6))
    loss = lambda w: (w.tanh() @ M).exp().sum()
    smooth = lambda w: torch.exp(torch.tanh(w) @ torch.tensor(M)).sum()
    H = torch.func.hessian(smooth)(torch.tensor(w))
    said = answer(loss, w[None], v[None])
    assert np.allclose(np.ravel(said), H.numpy() @ v, rtol=1e-4), (
        "it is not the Hessian times v"
    )
    return True


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
    return True


# %% tags=["picture"] mystnb={"image": {"alt": "Cost of all derivatives, in evaluations of the loss, against the number of weights, double logarithmic: nudging climbs in proportion to the weights, up to a million; what this chapter builds stays between two and three."}}
million = mlp(64, 970, 960, 10)
growing = [mlp(64, w, w, 10) for w in (1, 4, 16, 64, 256)] + [million]
weights, prices = [size(net) for net in growing], [torch_price(n) for n in growing]

plt.loglog(weights, np.array(weights) + 1, "o-", color=plot.BLUE, label="nudging")
plt.loglog(weights, prices, "o-", color=plot.RED, label="reverse mode")
plt.xlabel("weights of the network")
plt.ylabel("evaluations of the loss")
plt.legend()
plt.show()

# %% [markdown]
r"""
Three. Not a million and one: in multiplications of its matrices, between two and *three* whatever the number of weights, and the value itself is the first of them. Nothing in it is deeper than the chain rule, applied in the right order. You will be able to

- **explain** why all derivatives together cost no more than two more evaluations, and in which order the work must be done,
- **write** an automatic differentiator in twenty-five lines for numbers, in a hundred for arrays, and train with it,
- **derive** backpropagation for a network of any depth, and check every line of it,
- **count** what a gradient costs, to the last bend,
- **say** what such networks can represent, and how to start them so that they learn.

It builds on [the gradient](#eq-gradient), on [descending along it](#eq-gd) and on [the error of a logistic or softmax model](#logistic-gradient). Reading takes an hour and a half.

**One notation.** $\mathcal R$ is the loss, $\theta$ all weights together, and a bar means one thing throughout: $\bar v=\partial\mathcal R/\partial v$, the *backward signal* of $v$, has the shape of $v$ and says how the loss answers when $v$ is nudged. (Elsewhere it is called adjoint, error or $\delta$.)
"""

# %% tags=["checks"]
layer_sizes = list(zip((64, 970, 960), (970, 960, 10)))
verify(
    "weights of a 64-970-960-10 network: a column and a bias for each unit",
    size(million),
    sum(k * (m + 1) for m, k in layer_sizes),
)
verify_at_most(
    "the price at six sizes lies between two and three evaluations: distance from 2½",
    abs(np.array(prices) - 2.5),
    np.full(6, 0.5),
)

# %% [markdown]
r"""
(bp-network)=
## What is to be differentiated

(xor-problem)=
Before a million weights, nine. Four points carry two labels: $y=1$ when exactly one of $x_1,x_2$ is 1. This is *exclusive or*, and it is the classic small task for which one needs a network: no line parts the labels. (If $w^\top x+b$ were negative at $(0,0)$ and $(1,1)$, so would be the sum of the two, $w_1+w_2+2b$; were it positive at the other two points, the same sum would be positive.) The best affine function gives up and says ½ everywhere. But let two units bend the plane, with $(z)_+=\max(0,z)$:

$$
h_1=(x_1+x_2)_+,\qquad h_2=(x_1+x_2-1)_+,\qquad\hat y=h_1-2h_2 .
$$ (eq-bp-xor)

At $(0,1)$ and $(1,0)$ they are $h=(1,0)$: the two points labelled 1 fall on each other, and now a line is enough.
"""

# %%
X_xor = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
y_xor = np.array([0.0, 1, 1, 0])
H_xor = np.maximum(X_xor @ [[1, 1], [1, 1]] + [0, -1], 0)  # (4, 2)

# %% tags=["picture"] mystnb={"image": {"alt": "Left the four points at the corners of a square, labels on opposite corners. Right their images under two rectified units: both points labelled one fall together and a line separates them from the others."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.8))
for ax, P, name in zip(axes, (X_xor, H_xor), ("x", "h")):
    for value, colour in ((0, plot.BLUE), (1, plot.RED)):
        ax.plot(*P[y_xor == value].T, "o", ms=10, color=colour, label=f"$y={value}$")
    ax.set(
        xlabel=f"${name}_1$", ylabel=f"${name}_2$", xlim=(-0.3, 2.3), ylim=(-0.3, 1.3)
    )
axes[1].plot([0.3, 2.3], [-0.1, 0.9], color=plot.GREY, lw=1)
axes[0].legend(loc="upper right")
axes[0].set_title("as given")
axes[1].set_title("after two units")
plt.show()

# %% tags=["checks"]
affine = np.linalg.lstsq(np.c_[X_xor, np.ones(4)], y_xor, rcond=None)[0]
verify("best affine function: weights 0, 0 and bias ½", affine, [0, 0, 0.5], atol=1e-12)
verify("two rectified units: exact on all four points", H_xor @ [1, -2], y_xor, atol=0)


def separable(features):
    """Whether a linear program finds a line between the labels: 0 found, 2 none."""
    sign = np.where(y_xor > 0, 1, -1)[:, None]
    A, free = -sign * np.c_[features, np.ones(4)], (None, None)
    return optimize.linprog(np.zeros(A.shape[1]), A, -np.ones(4), bounds=free).status


verify(
    "a linear program looks for the line: none for x, one for h",
    [separable(X_xor), separable(H_xor)],
    [2, 0],
)

# %% [markdown]
r"""
(hidden-unit)=
**Units and layers.** A *hidden unit* is an affine map followed by a bend, $x\mapsto\sigma(w_k^\top x+b_k)$. A *layer* is $q$ of them side by side, the $w_k$ as rows of a matrix,

$$
h=\sigma(z),\qquad z=Wx+b,\qquad W\in\mathbb R^{q\times p},
$$ (eq-bp-layer)

$\sigma$ applied to each coordinate. Above, $W=\begin{pmatrix}1&1\\1&1\end{pmatrix}$ and $b=(0,-1)$. Drawn as a graph, the edge from input $j$ to unit $k$ carries $W_{kj}$.

(multilayer-perceptron)=
:::{prf:definition} Multi-layer perceptron
:label: def-bp-mlp
A *multi-layer perceptron* of widths $m_0,\dots,m_L$ computes, from $x^0=x$ on,

$$
z^l=W^lx^{l-1}+b^l,\qquad x^l=\sigma(z^l),\qquad l=1,\dots,L,
$$ (eq-bp-mlp)

mostly without a bend in the last layer. It has $\sum_lm_l(m_{l-1}+1)$ weights (biases included).
:::

The superscript counts layers. Information flows one way (*feed-forward*); the inner $x^l$ are the *hidden representations*. The bends are needed: two affine layers without one are $W^2(W^1x+b^1)+b^2=(W^2W^1)x+(W^2b^1+b^2)$, a single one. In code, with the $n$ examples as rows:
"""


# %%
def forward(X, theta, act=np.tanh):
    xs = [X]  # x⁰ (n, m₀), x¹ (n, m₁), ...
    for l, (W, b) in enumerate(theta, 1):
        z = xs[-1] @ W.T + b  # (n, m_l)
        xs.append(act(z) if l < len(theta) else z)
    return xs


# %% [markdown]
r"""
(gradient-bottleneck)=
**The price of asking.** Now nudge. A forward difference needs the loss at $\theta$ and at $\theta+h\,e_k$ for every weight $k$: $p+1$ evaluations for $p$ weights. A network with 17 weights, on the four points:
"""


# %%
def by_nudging(loss, theta, h=1e-7):
    here, slopes = loss(theta), []
    for k in range(len(theta)):
        nudged = theta.copy()
        nudged[k] += h
        slopes.append((loss(nudged) - here) / h)
    return np.array(slopes)


# %% tags=["checks"]
net = mlp(2, 4, 1)
flat = nn.utils.parameters_to_vector(net.parameters()).detach().numpy()


def xor_loss(flat):
    W1, b1, W2, b2 = np.split(flat, [8, 12, 16])
    out = forward(X_xor, [(W1.reshape(4, 2), b1), (W2.reshape(1, 4), b2)])[-1]
    return np.mean((out[:, 0] - y_xor) ** 2)


slopes = by_nudging(xor_loss, flat)
F.mse_loss(net(torch.tensor(X_xor))[:, 0], torch.tensor(y_xor)).backward()
verify(
    "17 derivatives by nudging, against torch's one backward pass",
    slopes,
    nn.utils.parameters_to_vector([p.grad for p in net.parameters()]),
    atol=1e-6,
)

# %% [markdown]
r"""
It works, as a check it is invaluable, and at a million weights it is hopeless. The alternative is to differentiate by formula. Written out in full, though, formulas repeat their parts, and so do their derivatives. The way out: give every intermediate result a name and compute it once.

**Try it.** XOR can be solved by a *single* unit, if the bend is the absolute value. Find $w_1,w_2,b,u,c$ such that $u\,|w_1x_1+w_2x_2+b|+c$ is right on all four points.
"""

# %% tags=["yours"]
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
"""

# %% [markdown]
r"""
(bp-graphs)=
## A program is a graph

(chain-rule)=
Nudge the first number of a program: by what factor does the last one move? Let $y=g(x)$ and $z=f(y)$. A nudge $dx$ becomes $dy=g'(x)\,dx$, and that becomes $dz=f'(y)\,dy$:

$$
\frac{dz}{dx}=\frac{dz}{dy}\,\frac{dy}{dx},
$$ (eq-bp-chain)

each factor at its own point: $f'$ at $y$, not at $x$. Derivatives along a chain multiply.

(computational-graph)=
Programs are more than chains. Take

$$
u=x^2,\qquad p=3u,\qquad q=u^2,\qquad f=p\,q
$$

at $x=2$. The values are $4$, $12$, $16$ and $192$. The *computational graph* has a node for every value and an arrow wherever one is used for another; it has no cycles, since nothing is used before it is computed. Evaluating means visiting the nodes in an order in which inputs come first. On every arrow we write the derivative of that one step, with everything else held still.
"""


# %% tags=["set-up"]
def draw_graph(ax, nodes, edges, **kwargs):
    """nodes {name: (x, y, text)}, edges {(a, b): text}."""
    G = nx.DiGraph(list(edges))
    at = {k: v[:2] for k, v in nodes.items()}
    look = dict(node_color="white", edgecolors="black", node_size=2300, font_size=9)
    nx.draw(G, at, ax=ax, labels={k: v[2] for k, v in nodes.items()}, **look | kwargs)
    nx.draw_networkx_edge_labels(G, at, edges, ax=ax, font_size=10)
    ax.margins(0.15, 0.3)


# %% tags=["picture"] mystnb={"image": {"alt": "Graph of f: x = 2 leads to u = 4 with derivative 4 on the arrow; u leads to p = 12 with 3 and to q = 16 with 8; p leads to f = 192 with 16 and q with 12."}}
fig, ax = plt.subplots(figsize=(6.8, 2.4))
draw_graph(
    ax,
    {
        "x": (0, 0, "$x$\n2"),
        "u": (1, 0, "$u=x^2$\n4"),
        "p": (2, 0.6, "$p=3u$\n12"),
        "q": (2, -0.6, "$q=u^2$\n16"),
        "f": (3, 0, "$f=pq$\n192"),
    },
    {
        ("x", "u"): "$2x=4$",
        ("u", "p"): "3",
        ("u", "q"): "$2u=8$",
        ("p", "f"): "$q=16$",
        ("q", "f"): "$p=12$",
    },
)
plt.show()

# %% [markdown]
r"""
(shared-subexpressions)=
How does $f$ feel $x$? Along *every* path: nudge $x$, and $u$ moves; $f$ hears of it through $p$ and through $q$, and to first order the two messages add. Along a path derivatives multiply, so

$$
\frac{df}{dx}=\sum_{\text{paths from }x\text{ to }f}\;\prod_{\text{arrows}}\text{derivative on the arrow}.
$$ (eq-bp-paths)

Here that is $4\cdot3\cdot16+4\cdot8\cdot12=192+384=576$. And indeed $f=3x^2\cdot x^4=3x^6$, with slope $18x^5=576$ at 2.
"""


# %%
def sum_over_paths(arrows, v, f):
    """arrows {(v, w): ∂w/∂v}; all paths, one after another."""
    if v == f:
        return 1.0
    return sum(
        slope * sum_over_paths(arrows, w, f)
        for (u, w), slope in arrows.items()
        if u == v
    )


# %% tags=["set-up"]
def arrows_at(x):
    """The example's arrows at x."""
    u = x**2
    p, q = 3 * u, u**2
    return {
        ("x", "u"): 2 * x,
        ("u", "p"): 3.0,
        ("u", "q"): 2 * u,
        ("p", "f"): q,
        ("q", "f"): p,
    }


# %% tags=["checks"]
spots = np.linspace(-2, 2, 9)
verify(
    "sum over the paths at nine places: 18x⁵",
    [sum_over_paths(arrows_at(x), "x", "f") for x in spots],
    18 * spots**5,
    atol=1e-9,
)

# %% [markdown]
r"""
**Try it.** $s=x+y$, $m=xy$, $f=s\,m$. Draw the graph, write the derivatives on the arrows at $x=2,y=3$, and add up the paths from $x$ and from $y$.
"""

# %% tags=["yours"]
two_inputs = ...  # a pair (df/dx, df/dy)

exercise("bp-two-inputs").check(two_inputs)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$s=5$, $m=6$. From $x$: through $s$ it is $1\cdot6$, through $m$ it is $3\cdot5$. From $y$: $1\cdot6$ and $2\cdot5$.

```python
two_inputs = (21, 16)
```

</details>
"""

# %% [markdown]
r"""
(bp-factoring)=
## Factor the paths

Adding up paths is correct, and useless: there are too many. Let a number be multiplied by itself, the result again, and so on, $v_{k+1}=v_k\cdot v_k$. Every product uses its input twice, so two arrows lead on from each node, and after $k$ products there are $2^k$ paths. Forty lines of program have a million million paths. A network is worse: from one unit to the output, every choice of a unit in each later layer is a path.

But look at the two paths above. Both begin with the same arrow. Take it out:

$$
4\cdot3\cdot16+4\cdot8\cdot12=4\cdot\bigl(\underbrace{3\cdot16+8\cdot12}_{144}\bigr)=576 .
$$

The bracket no longer mentions $x$. It is the sum over all paths *from $u$*, that is, $\partial f/\partial u$.

(reverse-mode-ad)=
That is the whole idea, and it works at every node. Write $\bar v=\partial f/\partial v$ for the sum over the paths from $v$, and group them by their first arrow, which leads to one of the nodes $w$ computed from $v$. All paths that begin with $v\to w$ share its derivative; what remains of them is all paths from $w$. So

$$
\bar v=\sum_{w\text{ computed from }v}\frac{\partial w}{\partial v}\,\bar w,\qquad\bar f=1 .
$$ (eq-bp-reverse)

One line turned an exponential sum into a table: each node needs only the finished numbers of its successors. Walk from the output back, and every arrow is used *once*. This is *reverse mode*: $\bar f=1$; $\bar p=16$, $\bar q=12$; $\bar u=3\cdot16+8\cdot12=144$; $\bar x=4\cdot144=576$. And when there is not one input but a million, *all* their derivatives lie in the same table. Step through a second example, $f=y+\sqrt y$ with $y=\log x$, at $x=2$.
"""


# %% tags=["picture"]
def traverse(step):
    v = {"x": 2.0, "y": math.log(2), "s": math.sqrt(math.log(2))}
    v["f"] = v["y"] + v["s"]
    bar = {"f": 1.0, "s": 1.0, "y": 1 + 0.5 / v["s"]}
    bar["x"] = bar["y"] / 2
    formula = {"x": "$x$", "y": "$y=\\log x$", "s": "$s=\\sqrt{y}$", "f": "$f=y+s$"}
    text = {}
    for k, n in enumerate("xysf"):
        a = f"{v[n]:.3f}" if step >= k else " "
        b = f"$\\bar{{{n}}}$={bar[n]:.3f}" if step >= 7 - k else " "
        text[n] = f"{formula[n]}\n{a}\n{b}"
    now = "xysf"[step] if step < 4 else "xysf"[7 - step]
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    at = {"x": (0, 0), "y": (1, 0), "s": (2, 0.8), "f": (3, 0)}
    draw_graph(
        ax,
        {n: (*place, text[n]) for n, place in at.items()},
        {("x", "y"): "", ("y", "s"): "", ("y", "f"): "", ("s", "f"): ""},
        node_size=5200,
        node_color=["#FFE3C2" if n == now else "white" for n in "xysf"],
    )
    ax.set_title("forward: values" if step < 4 else "backward: signals")
    return fig


explore(
    traverse,
    alt="The graph of log x plus its root, filled step by step: first values from left to right, then backward signals from right to left",
    step=[0, 1, 2, 3, 4, 5, 6, 7],
)

# %% [markdown]
r"""
(forward-mode-ad)=
**From the other end.** The paths can as well be grouped by their *last* arrow. Choose one input $x$ and carry with every value $v$ its derivative $\dot v=\partial v/\partial x$, from the inputs on:

$$
\dot w=\sum_{v\text{ used for }w}\frac{\partial w}{\partial v}\,\dot v,\qquad\dot x=1 .
$$ (eq-bp-forward)

This is *forward mode*: $\dot u=4$, $\dot p=3\cdot4=12$, $\dot q=8\cdot4=32$, $\dot f=16\cdot12+12\cdot32=576$. It too uses every arrow once. The difference is what one sweep yields: forward mode all values' derivatives by *one input*, reverse mode *one output*'s derivatives by all values. A loss is one output with a million inputs. That decides it.
"""


# %%
def reverse_mode(arrows, f):
    """arrows in the order of computation; one visit to each."""
    bar = {f: 1.0}
    for (v, w), slope in reversed(arrows.items()):
        bar[v] = bar.get(v, 0.0) + slope * bar.get(w, 0.0)
    return bar


def forward_mode(arrows, x):
    dot = {x: 1.0}
    for (v, w), slope in arrows.items():
        dot[w] = dot.get(w, 0.0) + slope * dot.get(v, 0.0)
    return dot


# %% tags=["set-up"]
def ladder(levels, x=1.01):
    """v₀ = x, then twice the same arrow: a copy of v and v itself, multiplied."""
    arrows, v = {}, x
    for k in range(levels):
        arrows |= {(k, (k, "a")): 1.0, (k, (k, "b")): 1.0}
        arrows |= {((k, "a"), k + 1): v, ((k, "b"), k + 1): v}
        v = v * v
    return arrows, v


print("squarings   paths of 2 arrows a level   arrows in the graph")
for levels in (1, 2, 5, 10, 20, 40):
    print(f"{levels:9}{2**levels:28,}{len(ladder(levels)[0]):22,}")

# %% tags=["checks"]
signals = reverse_mode(arrows_at(2.0), "f")
verify(
    "reverse mode at 2: the signals of x, u, p, q",
    [signals[v] for v in "xupq"],
    [18 * 2.0**5, 9 * 4.0**2, 4.0**2, 3 * 4.0],
)
verify(
    "forward mode at 2: the derivative by x",
    forward_mode(arrows_at(2.0), "x")["f"],
    18 * 2.0**5,
)
tall, value = ladder(10)
exact = 2**10 * 1.01 ** (2**10 - 1)
verify(
    "ten squarings: paths, reverse and forward mode, against the slope of x¹⁰²⁴",
    [sum_over_paths(tall, 0, 10), reverse_mode(tall, 10)[0], forward_mode(tall, 0)[10]],
    np.full(3, exact),
    rtol=1e-10,
)

# %% [markdown]
r"""
Ten squarings make $x^{1024}$: a thousand paths, forty arrows, one slope. (A dictionary holds no two arrows between the same nodes, so both pass through a copy: four arrows a squaring, where two would do.)

**Try it.** For $y=\log x$, $s=\sqrt y$, $f=y+s$, walk back by hand from $\bar f=1$ at $x=e$, where $y=1$. What are $\bar y$ and $\bar x$?
"""

# %% tags=["yours"]
by_hand = ...  # a pair (ȳ, x̄)

exercise("bp-by-hand").check(by_hand)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$y$ has two successors: $\bar y=1+\frac1{2\sqrt y}=1.5$. Then $\bar x=\bar y\cdot\frac1x=1.5/e$.

```python
by_hand = (1.5, 1.5 / math.e)
```

</details>
"""

# %% [markdown]
r"""
(bp-engine)=
## Twenty-five lines

Nobody writes the arrows down. Let the numbers do it: a `Value` remembers which values it was made from, and the derivative of that one step by each of them. Python's operators build the graph while the program runs.
"""


# %%
class Value:
    def __init__(self, data, *arrows):
        self.data, self.arrows, self.grad = data, arrows, 0.0

    def __add__(self, other):
        return Value(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        return Value(self.data * other.data, (self, other.data), (other, self.data))

    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self, 1 - t * t))


# %% [markdown]
r"""
Then [the formula](#eq-bp-reverse). A node may pass its signal on only when the signal is complete, so all that was made from it must come first: list the nodes with inputs before results, and go through the list from the end.
"""


# %%
def in_order(v, done):
    if v not in done:
        for u, _ in v.arrows:
            in_order(u, done)
        done[v] = True  # after all its inputs
    return done


def backward(f):
    f.grad = 1.0
    for w in reversed(in_order(f, {})):
        for v, slope in w.arrows:
            v.grad += slope * w.grad


# %% [markdown]
r"""
That is an automatic differentiator (for chains of up to a thousand operations, where Python ends a recursion). Our example is `u = x * x`, `p = Value(3.0) * u`, `q = u * u`, `f = p * q`, and `backward(f)` leaves 576 in `x.grad`. A random program is a better test: forty times, twenty operations on three inputs and on whatever was computed so far, run through `Value` and, the same Python, through PyTorch. And is each arrow really used once? Let the numbers count what is done with them: the way back takes two operations an arrow, also for three hundred squarings, where $2^{300}$ paths lead to the end.
"""

# %% tags=["set-up"]


def random_program(rng, steps=20):
    """Lines (operation, operands) that may use all earlier results."""
    pick = lambda k: [int(i) for i in rng.integers(0, k + 3, 2)]
    return [(str(rng.choice(["add", "mul", "tanh"])), pick(k)) for k in range(steps)]


def run_program(program, inputs):
    made = list(inputs)
    for operation, (a, b) in program:
        if operation == "tanh":
            made.append(made[a].tanh())
        else:
            made.append(made[a] + made[b] if operation == "add" else made[a] * made[b])
    return made[-1].tanh()


# %% tags=["checks"]
rng, ours, theirs, one_sum = np.random.default_rng(1), [], [], []
for _ in range(40):
    program, start = random_program(rng), rng.normal(size=3) * 0.7
    values = [Value(float(a)) for a in start]
    backward(run_program(program, values))
    tensors = [torch.tensor(a, requires_grad=True) for a in start]
    run_program(program, tensors).backward()
    ours += [v.grad for v in values]
    theirs += [0.0 if t.grad is None else t.grad.item() for t in tensors]
verify(
    "forty random programs: the engine's 120 derivatives and torch's",
    ours,
    theirs,
    atol=1e-12,
)
x = Value(2.0)
u = x * x
backward((Value(3.0) * u) * (u * u))
verify("the example: 18x⁵ at 2", x.grad, 18 * 2.0**5)


class Tally(float):
    """A number that counts the operations with it."""

    work = 0

    def __mul__(self, other):
        Tally.work += 1
        return Tally(float(self) * float(other))

    def __add__(self, other):
        Tally.work += 1
        return Tally(float(self) + float(other))

    __rmul__, __radd__ = __mul__, __add__


class Asked(dict):
    work = 0

    def __contains__(self, v):
        Asked.work += 1
        return super().__contains__(v)


growing, swept = (5, 10, 20, 50, 100, 300), []
for squarings in growing:
    Tally.work = Asked.work = 0
    v = start_value = Value(Tally(1.0))
    for _ in range(squarings):
        v = v * v
    forwards = Tally.work
    in_order(v, Asked())
    backward(v)
    swept.append([forwards, Asked.work, Tally.work - forwards])
verify(
    "squarings: products forwards; questions while ordering, one an arrow; operations back, two an arrow",
    swept,
    np.outer(growing, [1, 2, 4]) + [0, 1, 0],
)
verify("… and the slope of x to the 2³⁰⁰ at 1", float(start_value.grad), 2.0**300)

# %% [markdown]
r"""
**The sign that matters** is the plus in `+=`. Write `=` instead, the classic bug, and of several paths only the last survives: the value is right, our example's slope is 96 instead of 576, and nothing complains. The order matters as much; a node that passes on its signal before the last contribution has come loses it.

Now let it learn. A 2-3-1 network of `Value`s, from random weights, by plain gradient descent on the four points of XOR:
"""


# %%
def unit(weights, inputs):  # w₁x₁ + w₂x₂ + ... + bias
    total = weights[-1]
    for w, x in zip(weights, inputs):
        total = total + w * x
    return total


def network_loss(theta):  # theta: one list of weights for each unit
    total = Value(0.0)
    for x, y in zip(X_xor, y_xor):
        hidden = [unit(w, [Value(x[0]), Value(x[1])]).tanh() for w in theta[:-1]]
        error = unit(theta[-1], hidden) + Value(-y)
        total = total + error * error
    return total


# %%
def train_values(seed, steps=1400, eta=0.05):  # setting
    rng = np.random.default_rng(seed)
    theta = [[Value(w) for w in rng.normal(size=n)] for n in (3, 3, 3, 4)]  # setting
    losses = []
    for _ in range(steps):
        loss = network_loss(theta)
        backward(loss)
        losses.append(loss.data)
        for w in itertools.chain(*theta):
            w.data, w.grad = w.data - eta * w.grad, 0.0
    return losses


# %% tags=["picture"] mystnb={"image": {"alt": "Loss against step on a logarithmic axis for five random starts of a network of single numbers on exclusive or: four fall quickly, one waits on a plateau for hundreds of steps, all end far below the best affine function."}}
xor_runs = [train_values(seed) for seed in range(5)]
for losses in xor_runs:
    plt.semilogy(losses, lw=1.3)
plt.axhline(1, color=plot.GREY, ls=":", label="best affine function")
plt.ylim(1e-8, 30)
plt.xlabel("step")
plt.ylabel("sum of squared errors")
plt.legend()
plt.show()

# %% tags=["checks"]
verify_at_most(
    "five starts: the final loss over that of the best affine function, 4 · ¼",
    np.array([losses[-1] for losses in xor_runs]),
    np.full(5, 0.01),
)


def backward_with_the_bug(f):
    f.grad = 1.0
    for w in reversed(in_order(f, {})):
        for v, slope in w.arrows:
            v.grad = slope * w.grad


x = Value(2.0)
u = x * x
backward_with_the_bug((Value(3.0) * u) * (u * u))
verify("= for +=: one path of six is left, x · 3 · q", x.grad, 2.0 * 3.0 * 16.0)
through = lambda run: int(np.argmax(np.array(run) < 0.01))
calm = np.array(train_values(0, steps=450, eta=0.025))
rise = lambda run: (run - np.minimum.accumulate(run)).max()
verify(
    "the start on the plateau: the loss leaps, with this step and (on the way) with half of it",
    [rise(np.array(xor_runs[0])) > 0.9, rise(calm) > 0],
    [True, False],
)
verify_at_most(
    "half the step: time until the loss is below 0.01, over that with the whole step",
    through(calm) / through(xor_runs[0]),
    0.5,
)
verify(
    "the four other starts: as on a gradient flow, half the step takes twice the time",
    [
        through(train_values(k, steps=620, eta=0.025)) / through(xor_runs[k])
        for k in range(1, 5)
    ],
    np.full(4, 2.0),
    rtol=0.2,
)

# %% [markdown]
r"""
All five arrive. One sits on a plateau for some nine hundred steps, arrives, and is soon thrown back to 1, from where it falls once more: the gradient is exact, the step is too large. With half of it the same start does not rise on the way, and is through in less than half the time. That is no rule: the other four then take twice as long.

**Try it.** Teach the engine the rectified unit: a function that takes a `Value` $z$ and returns $\max(0,z)$ as a `Value`.
"""

# %% tags=["yours"]
rectified = ...  # a function of a Value that returns a Value

exercise("bp-new-unit").check(rectified)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The slope is 1 where the unit is active, otherwise 0.

```python
def rectified(z):
    return Value(max(0.0, z.data), (z, 1.0 if z.data > 0 else 0.0))
```

</details>
"""

# %% [markdown]
r"""
(bp-jacobians)=
## Many numbers at once

(jacobian)=
A network works on vectors. If a node is a vector, what multiplies a nudge on its way? The nudge is a vector too, so a matrix does. For $F:\mathbb R^n\to\mathbb R^m$ the *Jacobi matrix*

$$
(J_F)_{ij}=\frac{\partial F_i}{\partial x_j},\qquad J_F\in\mathbb R^{m\times n},\qquad F(x+\delta)\approx F(x)+J_F\,\delta
$$ (eq-bp-jacobian)

has a row for each output and a column for each input. The exercise on [the graph](#bp-graphs), $(x+y)(xy)$, is $F(x,y)=(x+y,\,xy)$ followed by $G(s,m)=s\,m$. At $(2,3)$

$$
J_F=\begin{pmatrix}1&1\\3&2\end{pmatrix},\qquad J_G=\begin{pmatrix}6&5\end{pmatrix},\qquad J_GJ_F=\begin{pmatrix}21&16\end{pmatrix} .
$$

Entry by entry the product of the two matrices *is* the sum over the paths: $\sum_i(J_G)_i(J_F)_{ij}$ runs over the node $i$ in the middle.

(jacobian-chain-rule)=
:::{prf:theorem} Chain rule
:label: thm-bp-chain
If $G$ is differentiable at $x_0$ and $H$ at $G(x_0)$, then

$$
J_{H\circ G}(x_0)=J_H\bigl(G(x_0)\bigr)\,J_G(x_0).
$$ (eq-bp-jacobian-chain)
:::

:::{prf:proof}
Let $o(t)$ stand for whatever is small against $t$. Write $G(x_0+\delta)=G(x_0)+\epsilon$ with $\epsilon=J_G\delta+o(\|\delta\|)$, which is at most a constant times $\|\delta\|$, so that $o(\|\epsilon\|)$ is $o(\|\delta\|)$. Then $H(G(x_0)+\epsilon)=H(G(x_0))+J_H\epsilon+o(\|\epsilon\|)=H(G(x_0))+J_HJ_G\,\delta+o(\|\delta\|)$, and the matrix in front of $\delta$ is the Jacobian.
:::

(jacobian-chain-cost)=
**The order of a product.** A loss after $L$ layers has one output, so its gradient is a *row* times matrices,

$$
\nabla\mathcal R^\top=\nabla_y\mathcal R^\top\,J_L\,J_{L-1}\cdots J_1 ,
$$ (eq-bp-product)

and the brackets are ours to put. A product of an $(a,b)$ by a $(b,c)$ matrix takes $abc$ multiplications. Five layers of width $n$: from the input side (forward mode) there are four products of matrices, $n^3$ each, and a last row, $4n^3+n^2$. From the output side (reverse mode) a row meets a matrix and stays a row, five times: $5n^2$. For $n=200$ that is 32 million against 200,000, for the same result.
"""


# %%
def accumulate(factors):
    """Product from left to right, and the multiplications it takes."""
    product, count = factors[0], 0
    for M in factors[1:]:
        count += product.shape[0] * product.shape[1] * M.shape[1]
        product = product @ M
    return product, count


# %% tags=["checks"]
net, x = mlp(3, 5, 4, 2), torch.randn(3)
numeric = [(net(x + e) - net(x - e)) / 2e-5 for e in 1e-5 * torch.eye(3)]
verify(
    "a 3-5-4-2 network: its Jacobian by central differences, column by column",
    torch.func.jacrev(net)(x),
    torch.stack(numeric, 1),
    atol=1e-8,
)
stages, states = [net[:2], net[2:4], net[4:]], [x]
for stage in stages:
    states.append(stage(states[-1]))
three = [torch.func.jacrev(f)(at).detach().numpy() for f, at in zip(stages, states)]
verify(
    "its three layers: the product of the Jacobians, each at its own point",
    accumulate(three[::-1])[0],
    torch.stack(numeric, 1),
    atol=1e-8,
)
rng, n = np.random.default_rng(2), 200
Js, row = rng.normal(size=(5, n, n)) / math.sqrt(n), rng.normal(size=(1, n))
from_output = accumulate([row, *Js[::-1]])
from_input = accumulate([*(J.T for J in Js), row.T])  # the transposed product
verify("both orders: one gradient", from_output[0], from_input[0].T, atol=1e-12)
verify(
    "multiplications from the output side and from the input side",
    [from_output[1], from_input[1]],
    [5 * n**2, 4 * n**3 + n**2],
)

# %% [markdown]
r"""
Turn the question around, one input and many outputs (how does a whole trajectory answer to one parameter?), and forward mode wins by as much. Neither is better; one starts at the narrow end.

**Try it.** A map $\mathbb R^3\to\mathbb R^{1000}\to\mathbb R^{1000}\to\mathbb R^2$. How many multiplications does its Jacobian $J_3J_2J_1$ take from the input side, how many from the output side?
"""

# %% tags=["yours"]
two_ends = ...  # a pair (from the input side, from the output side)

exercise("bp-two-ends").check(two_ends)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$J_2J_1$ takes $1000\cdot1000\cdot3$, then $2\cdot1000\cdot3$. $J_3J_2$ takes $2\cdot1000\cdot1000$, then the same.

```python
two_ends = (3_006_000, 2_006_000)
```

</details>
"""

# %% [markdown]
r"""
(bp-layers)=
## The recursion of a network

Now put [the layers](#eq-bp-mlp) into [the formula](#eq-bp-reverse), and out comes *backpropagation*: four lines that explain most of what goes right and wrong in training. Follow them on a 2-2-1 network first, with $W^1=\begin{pmatrix}1&1\\1&1\end{pmatrix}$, $b^1=(0,-1)$, rectified units, $W^2=(1,-1)$, at $x=(1,1)$ with target 0.

Forward: $z^1=(2,1)$, $x^1=(2,1)$, $\hat y=z^2=1$, loss $\frac12(\hat y-y)^2=\frac12$. Back: $\bar z^2=\hat y-y=1$. Each hidden unit hears it through its outgoing weight, $\bar x^1=(1,-1)$. Both are active, slope 1, so $\bar z^1=(1,-1)$. And a weight gets the signal at its head times the activity at its tail: $\bar W^2=1\cdot(2,1)$ and $\bar W^1=\begin{pmatrix}1&1\\-1&-1\end{pmatrix}$. A bias gets the signal itself: $\bar b^1=(1,-1)$, $\bar b^2=1$. Nine derivatives, and no number was computed twice.

Now use them. Because the signal at the output is 1, they are the derivatives of $\hat y$ too; their squares add up to 12. So a step of $0.01$ against all nine should take $0.12$ from $\hat y=1$. Computed anew it is $0.8803$. Now in general.

(quadratic-loss-gradient)=
(softmax-cross-entropy-gradient)=
**Where the signal starts.** At the output, and for the usual pairs it has one form: with an affine output and $\frac12\|\hat y-y\|^2$, with a sigmoid and the logistic loss, with a softmax and the cross-entropy,

$$
\bar z^L=\hat y-y ,
$$ (eq-bp-softmax)

*prediction minus target*. The first is one line; the others are derived in [Regression](#logistic-gradient) and [for the softmax](#softmax-log-likelihood). With a softmax its entries add up to zero: probability is only moved about.

(layer-jacobian)=
(activity-backpropagation)=
**How it travels.** From $x_i^l=\sigma(z_i^l)$ and $z_i^l=\sum_jW_{ij}^lx_j^{l-1}+b_i^l$ a layer has the Jacobian $J_{F^l}=\operatorname{diag}(\sigma'(z^l))\,W^l$. The signal is the row of [the product](#eq-bp-product), and here, written as a column, it goes back in two moves:

$$
\bar x^{l-1}=W^{l\top}\,\bar z^l,\qquad\bar z^{l-1}=\bar x^{l-1}\odot\sigma'(z^{l-1}) .
$$ (eq-bp-delta)

The same weights, transposed; the bends are replaced by multiplication with slopes that the way forward has fixed. So the way back is a network too, and a *linear* one: twice the signal at the output is twice the signal everywhere. A rectified unit that is off has slope 0; through it nothing passes.

(weight-gradient)=
**What the weights get.** $W_{ij}^l$ enters the loss only through $z_i^l$, where it multiplies $x_j^{l-1}$; a bias multiplies 1. Hence

$$
\bar W_{ij}^l=\bar z_i^l\;x_j^{l-1},\qquad\text{that is,}\qquad\bar W^l=\bar z^l\,(x^{l-1})^\top,\qquad\bar b^l=\bar z^l :
$$ (eq-bp-weight)

*signal at the head times activity at the tail*, an outer product. One example's gradient is a matrix of rank one; the examples of a batch add theirs.

(backpropagation)=
:::{prf:definition} Backpropagation
:label: def-bp-backprop
Reverse mode applied to the loss of a layered network: (1) forward, keeping all $x^l$; (2) the signal $\bar z^L$ at the output; (3) backwards by [the recursion](#eq-bp-delta); (4) at every layer [the outer product](#eq-bp-weight).
:::

For networks it was made known by {cite:t}`rumelhart1986`; as accumulation from the end of any computation it is older {cite:p}`linnainmaa1976`. With the examples as rows, the transposes change sides:
"""


# %%
def backprop(xs, theta, z_bar):  # tanh network; z_bar (n, m_L): the output's signal
    grads = []
    for l in range(len(theta), 0, -1):
        grads.append((z_bar.T @ xs[l - 1], z_bar.sum(0)))  # W̄ (m_l, m_{l−1}), b̄
        if l > 1:
            x_bar = z_bar @ theta[l - 1][0]  # (n, m_{l−1})
            z_bar = x_bar * (1 - xs[l - 1] ** 2)  # tanh′ = 1 − tanh²
    return grads[::-1]


# %% tags=["checks"]
torch.manual_seed(4)
flat_of = lambda pairs: np.concatenate([np.ravel(a) for pair in pairs for a in pair])
outputs = torch.randn(12, 3, requires_grad=True)
classes = torch.randint(3, (12,))
one_hot = F.one_hot(classes, 3).double()
losses = {
    "affine": (outputs, lambda z: 0.5 * ((z - one_hot) ** 2).sum()),
    "sigmoid": (
        torch.sigmoid(outputs),
        lambda z: F.binary_cross_entropy_with_logits(z, one_hot, reduction="sum"),
    ),
    "softmax": (
        torch.softmax(outputs, 1),
        lambda z: F.cross_entropy(z, classes, reduction="sum"),
    ),
}
verify(
    "three outputs with their losses: autograd's signal is prediction minus target",
    torch.stack(
        [torch.autograd.grad(f(outputs), outputs)[0] for _, f in losses.values()]
    ),
    torch.stack([p - one_hot for p, _ in losses.values()]),
    atol=1e-12,
)
net, X = mlp(6, 9, 7, 5, 3), np.random.default_rng(17).normal(size=(12, 6))
theta = weights_of(net)
xs = forward(X, theta)
grads = backprop(
    xs, theta, torch.softmax(torch.tensor(xs[-1]), 1).numpy() - one_hot.numpy()
)
auto = torch.autograd.grad(
    F.cross_entropy(net(torch.tensor(X)), classes, reduction="sum"),
    list(net.parameters()),
)
verify(
    "a 6-9-7-5-3 network, cross-entropy: all derivatives against autograd",
    flat_of(grads),
    np.concatenate([g.numpy().ravel() for g in auto]),
    atol=1e-12,
)


def squared_loss(theta):
    return 0.5 * ((forward(X, theta)[-1] - one_hot.numpy()) ** 2).sum()


numeric = []
for W, b in theta:
    for a in (W, b):
        for i in np.ndindex(a.shape):
            kept, ends = a[i], []
            for h in (1e-5, -1e-5):
                a[i] = kept + h
                ends.append(squared_loss(theta))
            a[i] = kept
            numeric.append((ends[0] - ends[1]) / 2e-5)
verify(
    "the same network, squared error: against central differences",
    flat_of(backprop(xs, theta, xs[-1] - one_hot.numpy())),
    np.array(numeric),
    atol=1e-7,
)
theta_221 = ([[1.0, 1], [1, 1]], [0.0, -1], [[1.0, -1]], [0.0])  # W¹, b¹, W², b²
theta_221 = [
    torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in theta_221
]
answer_221 = lambda W1, b1, W2, b2: W2 @ torch.relu(W1.sum(1) + b1) + b2  # x = (1, 1)
(0.5 * answer_221(*theta_221) ** 2).sum().backward()
nine = [a.grad for a in theta_221]
verify(
    "the network by hand: all nine derivatives",
    torch.cat([a.ravel() for a in nine]),
    [1, 1, -1, -1, 1, -1, 2, 1, 1],
    atol=0,
)
moved_221 = answer_221(*(a - 0.01 * g for a, g in zip(theta_221, nine)))
foretold = 1 - 0.01 * sum((g**2).sum().item() for g in nine)
verify(
    "a step of 0.01 against all nine: ŷ as foretold", moved_221, [foretold], atol=5e-4
)
print(f"a step of 0.01 against all nine: ŷ = {moved_221.item():.4f}")
ranks = []
for n in (1, 2, 4):
    some = [x[:n] for x in xs]
    ranks.append(np.linalg.matrix_rank(backprop(some, theta, some[-1])[1][0]))
verify("rank of a layer's gradient from one, two, four examples", ranks, [1, 2, 4])

# %% [markdown]
r"""
**Try it.** Rectified units, $W^1=\begin{pmatrix}1&-1\\2&1\end{pmatrix}$, no biases, $W^2=(3,-1)$, $x=(1,2)$, target 0, loss $\frac12(\hat y-y)^2$. What is $\bar W^1$?
"""

# %% tags=["yours"]
half_dead = ...  # a 2×2 array

exercise("bp-half-dead").check(half_dead)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$z^1=(-1,4)$, so $x^1=(0,4)$, $\hat y=-4$, $\bar z^2=-4$, $\bar x^1=(-12,4)$. The first unit is off: $\bar z^1=(0,4)$, times $x=(1,2)$.

```python
half_dead = [[0, 0], [4, 8]]
```

</details>
"""

# %% [markdown]
r"""
(bp-arrays)=
## The same engine for arrays

Our `Value` makes a Python object for every number; a network of a million weights would drown in them. What changes if a node is an array? Only that an arrow can no longer hold a number: it holds a *function*, which takes the signal of the result and returns the share of one input.

The share of a matrix product you know already. For $Y=XW$ every row of $X$ is an example, and [the outer products](#eq-bp-weight) of all examples add up to $\bar W=X^\top\bar Y$; [the recursion](#eq-bp-delta) says $\bar X=\bar YW^\top$. A sum hands its signal on to both sides.
"""


# %%
def mul(a, b):
    return node(a.data * b.data, (a, lambda g: g * b.data), (b, lambda g: g * a.data))


def matmul(a, b):
    value = a.data @ b.data
    return node(value, (a, lambda g: g @ b.data.T), (b, lambda g: a.data.T @ g))


def tanh(a):
    y = np.tanh(a.data)
    return node(y, (a, lambda g: g * (1 - y * y)))


# %% [markdown]
r"""
One thing is new. NumPy *broadcasts*: a bias of shape $(m)$ is added to all $n$ rows. A copied number is a number used $n$ times, so the signals of its copies add up.
"""


# %%
def unbroadcast(g, shape):
    if g.shape == shape:
        return g
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(k for k, m in enumerate(shape) if m == 1), keepdims=True)


# %% [markdown]
r"""
And the sweep. Nodes are numbered at birth, and a node is born after its inputs. Going from the youngest to the oldest meets all that was made from a node before the node itself; a heap of birth numbers does that. The signals live in a dictionary of this one sweep, and only leaves keep theirs, in `grad`.
"""


# %%
def pull_back(f):
    bar, queue = {f: np.ones_like(f.data)}, [(-f.number, f)]
    while queue:
        w = heapq.heappop(queue)[1]  # the youngest: its signal is complete
        w_bar = bar.pop(w)
        if not w.edges:
            w.grad = w_bar.copy() if w.grad is None else w.grad + w_bar
        for v, share_of in w.edges:
            share = unbroadcast(share_of(w_bar), v.data.shape)
            if v in bar:
                bar[v] = bar[v] + share
            else:
                bar[v] = share
                heapq.heappush(queue, (-v.number, v))


# %% [markdown]
r"""
The rest is bookkeeping, folded below: a dozen further operations of two lines each, the operators, and refusals of what the engine cannot do. About a hundred lines in all.
"""


# %% tags=["set-up"]
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


def power(a, n):
    if not isinstance(n, (int, float)):
        raise TypeError(f"the exponent must be a number, not {type(n).__name__}")
    return node(a.data**n, (a, lambda g: g * (n * a.data ** (n - 1))))


def spread(g, a, axis, keepdims):
    """Copy the signal of a reduction along the axes that were reduced."""
    out = np.empty_like(a.data)
    out[...] = g if axis is None or keepdims else np.expand_dims(g, axis)
    return out


def total(a, axis=None, keepdims=False):
    value = np.add.reduce(a.data, axis=axis, keepdims=keepdims)
    return node(value, (a, lambda g: spread(g, a, axis, keepdims)))


def largest(a, axis=None, keepdims=False):
    hit = a.data == a.data.max(axis=axis, keepdims=True)
    share = hit / hit.sum(axis=axis, keepdims=True)  # ties share the signal
    value = a.data.max(axis=axis, keepdims=keepdims)
    return node(value, (a, lambda g: spread(g, a, axis, keepdims) * share))


def pick(a, index):
    def pull(g):
        out = np.zeros_like(a.data)
        np.add.at(out, index, g)  # an entry picked twice gets both shares
        return out

    return node(a.data[index], (a, pull))


def rectify(a):
    on = a.data > 0
    return node(a.data * on, (a, lambda g: g * on))


def exp(a):
    y = np.exp(a.data)
    return node(y, (a, lambda g: g * y))


def log(a):
    return node(np.log(a.data), (a, lambda g: g / a.data))


def checked_matmul(a, b):
    if a.data.ndim != 2 or b.data.ndim != 2 or a.data.shape[1] != b.data.shape[0]:
        raise ValueError(
            f"@ needs shapes (n, k) and (k, m), got {a.data.shape} and {b.data.shape}"
        )
    return matmul(a, b)


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
        pull_back(self)

    def __setitem__(self, index, value):
        raise TypeError("a Tensor cannot be changed in place: compute a new one")

    __add__ = __radd__ = lambda a, b: add(a, lift(b))
    __mul__ = __rmul__ = lambda a, b: mul(a, lift(b))
    __neg__ = lambda a: a * -1.0
    __sub__ = lambda a, b: sub(a, lift(b))
    __rsub__ = lambda a, b: sub(lift(b), a)
    __truediv__ = lambda a, b: a * lift(b) ** -1.0
    __rtruediv__ = lambda a, b: a**-1.0 * b
    __pow__, __getitem__ = power, pick
    __matmul__ = lambda a, b: checked_matmul(a, lift(b))
    __rmatmul__ = lambda a, b: checked_matmul(lift(b), a)
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
Sixty random programs on four arrays that broadcast against each other, run through our engine and through PyTorch, some also against plain differences; then the cases on which home-made engines break, and what it cannot do, which it must say.
"""

# %% tags=["set-up"]
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


def run_arrays(program, leaves):
    """Each line takes the results so far; the last value is a mean over all of them."""
    made = list(leaves)
    for f, chosen in program:
        made.append(f(*[made[k] for k in chosen]).tanh())
    return sum((m * m).mean() for m in made)


def array_programs(count=60):
    """Pairs (program, starting arrays)."""
    rng, out = np.random.default_rng(14), []
    for _ in range(count):
        start = [rng.normal(size=s) for s in ((3, 4), (1, 4), (3, 1), (3, 4))]
        program = []
        for k in range(8):
            f = rng.choice(UNARY[:6] + BINARY * 2)
            program.append((f, rng.integers(k + 4, size=f.__code__.co_argcount)))
        out.append((program + [(rng.choice(UNARY), [0])], start))
    return out


def complaint(f):
    try:
        f()
    except (TypeError, ValueError) as error:
        return str(error)
    return "no complaint"


def assign(t):
    t[0] = 1.0


# %% tags=["checks"]
ours, theirs, gaps = [], [], []
for trial, (program, start) in enumerate(array_programs()):
    leaves = [Tensor(a) for a in start]
    run_arrays(program, leaves).backward()
    tensors = [torch.tensor(a, requires_grad=True) for a in start]
    run_arrays(program, tensors).backward()
    ours += [v.grad.ravel() for v in leaves]
    theirs += [t.grad.ravel() for t in tensors]
    for k, i in ((0, (1, 2)), (1, (0, 3)), (3, (2, 0))) if trial < 20 else ():
        ends = []
        for h in (1e-5, -1e-5):
            moved = [a.copy() for a in start]
            moved[k][i] += h
            ends.append(run_arrays(program, [Tensor(a) for a in moved]).data)
        gaps.append((ends[0] - ends[1]) / 2e-5 - leaves[k].grad[i])
verify(
    "sixty random programs: every derivative, ours and torch's",
    np.concatenate(ours),
    torch.cat(theirs),
    atol=1e-12,
)
verify(
    "sixty derivatives minus central differences",
    np.array(gaps),
    np.zeros(60),
    atol=1e-6,
)
x = Tensor(np.array([3.0, 1.0, 3.0]))
t = torch.tensor(x.data, requires_grad=True)
both = lambda x, m: x + (m[[1, 1]] ** 2).sum()
twice = both(x.max(), x)
twice.backward(), twice.backward()
both(t.amax(), t).backward()
verify(
    "a tie, an entry picked twice, and a second backward on the same graph, which doubles",
    x.grad,
    2 * t.grad,
    atol=1e-12,
)
v3, m23 = Tensor(np.ones(3)), Tensor(np.ones((2, 3)))
said = {
    "in place": complaint(lambda: assign(v3)),
    "floats": complaint(lambda: Tensor(np.arange(3))),
    "(2, 3) and (2, 3)": complaint(lambda: m23 @ np.ones((2, 3))),
    "one number": complaint(lambda: (v3 * 2).backward()),
    "exponent": complaint(lambda: v3**v3),
    "does not support ufuncs": complaint(lambda: np.sin(v3)),
}
verify(
    "six things it cannot do: it says which",
    [word in words for word, words in said.items()],
    [True] * 6,
)

# %% [markdown]
r"""
**Two spirals.** Now let it work. Two spirals are wound into each other one and a half times. Everything below is ours: the network, the loss, the gradient, the optimiser ([Adam](#eq-adam)).
"""


# %% tags=["set-up"]
def spirals(n, rng):
    """n points on each of two arms, (2n, 2), and labels ±1, (2n, 1)."""
    t = np.sqrt(rng.uniform(0.02, 1, n)) * 3 * np.pi
    arm = np.c_[t * np.cos(t), t * np.sin(t)] / (3 * np.pi)
    noise = 0.015 * rng.normal(size=(2 * n, 2))
    return np.r_[arm, -arm] + noise, np.r_[np.ones(n), -np.ones(n)][:, None]


def adam_steps(theta, loss, steps, lr):
    """Our engine's gradients in Adam's update; a copy of all weights after every step."""
    m, v, kept = [0.0] * len(theta), [0.0] * len(theta), [[p.data for p in theta]]
    for t in range(1, steps + 1):
        for p in theta:
            p.grad = None
        loss().backward()
        for k, p in enumerate(theta):
            m[k], v[k] = 0.9 * m[k] + 0.1 * p.grad, 0.999 * v[k] + 0.001 * p.grad**2
            mean, square = m[k] / (1 - 0.9**t), v[k] / (1 - 0.999**t)
            p.data = p.data - lr * mean / (np.sqrt(square) + 1e-8)
        kept.append([p.data for p in theta])
    return kept


def start_weights(widths, rng):
    """[W1, b1, W2, b2, ...] as Tensors, W of shape (in, out)."""
    return [
        Tensor(a)
        for m, k in zip(widths, widths[1:])
        for a in (rng.normal(size=(m, k)) * np.sqrt(2 / m), 0.5 * rng.normal(size=k))
    ]


rng = np.random.default_rng(16)
(S, label), (S_new, label_new) = spirals(150, rng), spirals(500, rng)  # setting


# %%
def network(X, theta, act=Tensor.tanh):  # theta = [W1, b1, W2, b2, ...], W (in, out)
    for l in range(0, len(theta), 2):
        X = lift(X) @ theta[l] + theta[l + 1]
        X = act(X) if l + 2 < len(theta) else X
    return X


def logistic(theta):
    return (1.0 + (network(S, theta) * -label).exp()).log().mean()


def train_spirals(rng):
    theta = start_weights((2, 32, 32, 1), rng)  # setting
    return adam_steps(theta, lambda: logistic(theta), 600, 0.02)  # setting


# %% tags=["picture"]
histories = [train_spirals(np.random.default_rng(seed)) for seed in (16, 17, 18)]


def scores(P, step, run=0):
    return network(P, [Tensor(a) for a in histories[run][step]]).data


def training(step):
    g = np.linspace(-1.15, 1.15, 60)
    P = np.stack(np.meshgrid(g, g), -1).reshape(-1, 2)
    fig, ax = plt.subplots(figsize=(6.8, 3.6))
    sides = np.tanh(scores(P, step)).reshape(60, 60)
    ax.contourf(g, g, sides, [-1.1, 0, 1.1], colors=["#CFE3F1", "#F8DCC9"])
    for sign, colour in ((1, plot.RED), (-1, plot.BLUE)):
        ax.plot(*S[label[:, 0] == sign].T, ".", color=colour, ms=4)
    right = np.mean(scores(S, step) * label > 0)
    ax.set(aspect="equal", xticks=[], yticks=[])
    ax.set_title(f"step {step}: {100 * right:.0f} % right")
    ax.grid(False)
    return fig


explore(
    training,
    alt="Two spirals and the two sides of the network's decision: a straight cut at first, then bent, at last following both arms",
    step=[600, 0, 20, 60, 120, 200, 300, 400],
)

# %% tags=["checks"]
nearest = ((S_new[:, None] - S) ** 2).sum(-1).argmin(1)
affine = np.linalg.lstsq(np.c_[S, np.ones(300)], label, rcond=None)[0]
right = {
    "network": np.mean([scores(S_new, 600, k) * label_new > 0 for k in range(3)], 1),
    "line": np.mean(np.c_[S_new, np.ones(1000)] @ affine * label_new > 0),
    "nearest neighbour": np.mean(label[nearest] == label_new),
}
verify(
    "the loss that was descended, against torch's softplus",
    [logistic([Tensor(a) for a in run[600]]).data for run in histories],
    [F.softplus(torch.tensor(-label * scores(S, 600, k))).mean() for k in range(3)],
    rtol=1e-9,
)
verify_at_least(
    "1,000 new points, three starts: accuracy of the network",
    right["network"][:, 0],
    np.full(3, 0.97),
)
verify_at_most("accuracy of a line", right["line"], 0.75)
verify_at_most(
    "nearest neighbour, which learns nothing, minus the network",
    abs(right["nearest neighbour"] - right["network"][:, 0]),
    np.full(3, 0.03),
)

# %% [markdown]
r"""
On 1,000 new points a line gets two thirds right and the network, from each of three starts, all. So does a nearest neighbour, to keep us modest: the spirals show that the gradient is right, not that networks are clever.

**Try it.** Teach the engine *softplus*, $\log(1+e^x)$, as one node that survives $x=\pm800$.
"""

# %% tags=["yours"]
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
"""

# %% [markdown]
r"""
(headline-cheap-gradient)=
## The headline: what a gradient costs

(cheap-gradient-principle)=
Three evaluations of all matrix products, whatever the number of weights: why can it not be many, and what is the exact number, with all the rest?

:::{prf:theorem} Cheap gradient principle
:label: thm-bp-cheap
Let a scalar be computed by $N$ operations: sums, differences, products and elementary functions $c=\varphi(a)$ whose slope takes at most two more operations once $c$ is known (for tanh, $1-c^2$). Reverse mode computes the value *and all partial derivatives* with at most $5N$ operations, however many inputs there are {cite:p}`baur1983`.
:::

:::{prf:proof}
Charge every operation with its own value and with what it adds to [the signals](#eq-bp-reverse) of its inputs:

| operation | value | on the way back | together |
|---|---|---|---|
| $c=a\pm b$ | 1 | add or subtract $\bar c$, twice | 3 |
| $c=ab$ | 1 | $\bar cb$ and $\bar ca$: two products, two additions | 5 |
| $c=\varphi(a)$ | 1 | the slope, at most two; one product, one addition | 5 |

Every operation is visited once on the way forward and once on the way back. Nowhere does the number of inputs enter.
:::

For a network we can count exactly, multiplications and additions alike. Take $n$ examples through widths $m_0,\dots,m_L$, and let $P=\sum_lm_lm_{l-1}$ be the number of matrix entries, $M=m_1+\dots+m_L$ the number of units, $H=M-m_L$ the hidden ones. An entry of a product that sums $k$ terms takes $k$ multiplications and $k-1$ additions:

| step | terms $k$ | operations |
|---|---|---|
| [forward](#eq-bp-mlp): products and biases | $m_{l-1}$ | $n\cdot2P$ |
| forward: bends | | $nH$ |
| [back](#eq-bp-delta): $\bar W^l$, summed over the examples | $n$ | $(2n-1)P$ |
| back: $\bar x^{l-1}$, *from the second layer on* | $m_l$ | $n\,(2P-2m_0m_1-H)$ |
| back: slopes (square, subtract, multiply) | | $3nH$ |
| back: $\bar b^l$ | $n$ | $(n-1)M$ |

The first layer has nobody to pass a signal on to. Add up:

$$
C_{\text{forward}}=n\,(2P+H),\qquad C_{\text{back}}=(4n-1)P-2n\,m_0m_1+2nH+(n-1)M .
$$ (eq-bp-count)
"""


# %%
def on_paper(m, n):  # widths, examples
    P, M, H = sum(math.prod(pair) for pair in zip(m, m[1:])), sum(m[1:]), sum(m[1:-1])
    back = (4 * n - 1) * P - 2 * n * m[0] * m[1] + 2 * n * H + (n - 1) * M
    return n * (2 * P + H), back


# %% [markdown]
r"""
By hand for 2-3-1 and four examples: $P=9$, $H=3$, forward $4\cdot21=84$. The arrays below keep a tally of every floating-point operation that NumPy is asked to do with them, whoever asks; `forward` and `backprop` run on them unchanged.
"""


# %% tags=["set-up"]
class Counted(np.ndarray):
    """An array that counts the arithmetic done with it; (n, k) @ (k, m) counts nm(2k − 1)."""

    work = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        plain = [np.asarray(x) if isinstance(x, Counted) else x for x in inputs]
        result = np.asarray(getattr(ufunc, method)(*plain, **kwargs))
        if ufunc is np.matmul:
            Counted.work += result.size * (2 * plain[0].shape[-1] - 1)
        elif method == "reduce":
            Counted.work += plain[0].size - result.size
        else:
            Counted.work += result.size
        return result.view(Counted)


def counted(f):
    """How many operations f() takes, and what it returns."""
    Counted.work = 0
    result = f()
    return Counted.work, result


def counting_weights(m, seed=0):
    """[(W, b), ...] for these widths, as counting arrays."""
    rng = np.random.default_rng(seed)
    return [
        (
            (rng.normal(size=(k, j)) / math.sqrt(j)).view(Counted),
            np.zeros(k).view(Counted),
        )
        for j, k in zip(m, m[1:])
    ]


shapes = [
    ((64, 970, 960, 10), 20),
    ((64, 970, 960, 10), 1),
    ((784, 100, 10), 1),
    ((64, 32, 10), 32),
    ((64, 10), 32),
    ((10, 50, 40, 30, 5), 7),
    ((2, 3, 1), 4),
    ((1,) * 9, 8),
]
tally = []
for m, n in shapes:
    theta, X = counting_weights(m), np.ones((n, m[0])).view(Counted)
    cost_forward, xs = counted(lambda: forward(X, theta))
    cost_back, _ = counted(lambda: backprop(xs, theta, xs[-1]))
    tally.append((cost_forward, cost_back))

print("network              examples        forward           back   both / forward")
for (m, n), (there, back) in zip(shapes, tally):
    name = "-".join(map(str, m))
    print(f"{name:20}{n:9}{there:15,}{back:15,}{(there + back) / there:17.4f}")

# %%
headline(
    "Operations forwards and back, eight networks: counted, and on paper",
    np.array(tally),
    np.array([on_paper(m, n) for m, n in shapes]),
    rtol=1e-12,
)

# %% [markdown]
r"""
Not one operation off, in either direction. The table also says *when* it is three. For wide layers only the products matter, and the ratio tends to

$$
\frac{C_{\text{forward}}+C_{\text{back}}}{C_{\text{forward}}}\;\to\;3-\frac{m_0m_1}{P}-\frac1{2n} .
$$ (eq-bp-price)

A layer costs one product forwards and two back, except the first; and a single example has nothing to add up in $\bar W$, which saves half a product. For the million weights of the opening that is 2.91 with twenty examples and 2.44 with one. 784-100-10, nearly all first layer, pays 1.51 with one. In the last row, a chain of single units, bends and biases are a large share, and 3.17 is paid: three is a rule for wide layers, only the five is for all. (PyTorch's own counter, which the opening used, counts only products, every multiplication with an addition: $3-m_0m_1/P$.)
"""

# %% tags=["checks"]
verify(
    "torch's own counter at six networks: 3 − m₀m₁/P",
    [torch_price(mlp(*m), n) for m, n in shapes[1:7]],
    [3 - m[0] * m[1] / sum(map(math.prod, zip(m, m[1:]))) for m, _ in shapes[1:7]],
    rtol=1e-12,
)
spent = []
for program, start in array_programs():
    count = lambda: [Tensor(a.view(Counted)) for a in start]
    value, _ = counted(lambda: run_arrays(program, count()))
    both, _ = counted(lambda: run_arrays(program, count()).backward())
    spent.append(both / value)
verify_at_most(
    "our array engine on sixty random programs: value and gradient over value",
    np.array(spent),
    np.full(60, 5.0),
)

# %% [markdown]
r"""
Operations are not seconds: numbers must be fetched, and software has its own errands. The million weights again, twenty examples, on the machine that made this page:
"""

# %% tags=["set-up"]
twenty = torch.ones(20, 64)
value_time = seconds(lambda: million(twenty).square().sum(), 15)
gradient_time = seconds(lambda: million(twenty).square().sum().backward(), 15)
measured("value and gradient", gradient_time, ("the value alone", value_time))

# %% [markdown]
r"""
And forward mode? A sweep carries a direction $\dot\theta$ along with the values,

$$
\dot z^l=W^l\dot x^{l-1}+\dot W^lx^{l-1}+\dot b^l,\qquad\dot x^l=\dot z^l\odot\sigma'(z^l),
$$ (eq-bp-tangent)

three products a layer where the value has one (two in the first, if one skips $W^1\dot x^0=0$). *One sweep costs as much as the whole gradient*, and gives the derivative along one direction. For all weights, done like this, it takes $p$ sweeps: the price of nudging, three times over, though without its rounding.
"""


# %%
def tangent_sweep(X, theta, theta_dot):
    x, x_dot = X, 0 * X
    for l, ((W, b), (W_dot, b_dot)) in enumerate(zip(theta, theta_dot), 1):
        z, z_dot = x @ W.T + b, x_dot @ W.T + x @ W_dot.T + b_dot
        if l < len(theta):
            x = np.tanh(z)
            x_dot = z_dot * (1 - x**2)
    return z, z_dot


# %% tags=["checks"]
rng = np.random.default_rng(6)
theta = weights_of(mlp(3, 5, 4, 2))
X, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
xs = forward(X, theta)
exact = np.concatenate(
    [a.ravel() for pair in backprop(xs, theta, xs[-1] - y) for a in pair]
)
swept = []
for k in range(len(exact)):
    flat, theta_dot, at = np.eye(len(exact))[k], [], 0
    for W, b in theta:
        cut = at + W.size
        theta_dot.append((flat[at:cut].reshape(W.shape), flat[cut : cut + b.size]))
        at = cut + b.size
    out, out_dot = tangent_sweep(X, theta, theta_dot)
    swept.append(((out - y) * out_dot).sum())
verify(
    "as many forward sweeps as weights, against one backward", swept, exact, atol=1e-12
)
m, wide = (64, 970, 960, 10), counting_weights((64, 970, 960, 10))
one_sweep, _ = counted(lambda: tangent_sweep(np.ones((20, 64)), wide, wide))
verify(
    "one forward sweep of the million-weight network, in whole gradients",
    one_sweep / sum(on_paper(m, 20)),
    1.0,
    rtol=0.04,
)

# %% [markdown]
r"""
(forward-pass-is-not-forward-mode)=
**What it costs besides.** Mind the words: the *forward pass* of reverse mode computes values, no derivatives; *forward mode* computes derivatives. The pass is needed because slopes depend on the values, and all of them must be *kept* until the way back. That is the real price: memory that grows with the depth. Look at what PyTorch keeps for four examples, layer upon layer of width 8:
"""

# %% tags=["set-up"]


def kept_for_the_way_back(depth):
    """How many numbers, weights not counted, torch keeps in a forward pass."""
    net, kept = mlp(*[8] * (depth + 1)), {}
    own = {p.data_ptr() for p in net.parameters()}

    def keep(t):
        kept[t.data_ptr()] = t.numel()
        return t

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        out = net(torch.randn(4, 8))
    assert out is not None  # so that nothing is freed before we have counted
    return sum(count for place, count in kept.items() if place not in own)


memory = [kept_for_the_way_back(depth) for depth in (1, 2, 4, 8, 16)]
print("layers       " + "".join(f"{d:7}" for d in (1, 2, 4, 8, 16)))
print("numbers kept " + "".join(f"{k:7}" for k in memory))

# %% tags=["checks"]
verify(
    "numbers kept: one activity for each example, unit and layer",
    np.array(memory),
    4 * 8 * np.array([1, 2, 4, 8, 16]),
)
t = torch.ones(3, requires_grad=True)
y = t.exp()
through = (y * 1.0).sum()
y.detach().zero_()  # exp kept y for the way back
try:
    through.backward()
    words = "no error"
except RuntimeError as error:
    words = str(error)
verify("a kept value changed in place: torch refuses", "inplace" in words, True)
deep, inputs = mlp(*[8] * 17), torch.randn(4, 8)
ways = {
    "plain": deep,
    "again": lambda x: checkpoint_sequential(deep, 4, x, use_reentrant=False),
}
work, grads = {}, {}
for name, way in ways.items():
    with FlopCounterMode(display=False) as counter:
        way(inputs).square().sum().backward()
    work[name] = counter.get_total_flops() / (2 * 4 * 16 * 8 * 8)
    grads[name] = nn.utils.parameters_to_vector([p.grad for p in deep.parameters()])
    deep.zero_grad()
verify("sixteen layers in four segments: the gradient", grads["again"], grads["plain"])
verify_at_most(
    "what that costs more lies between half an evaluation and one: distance from ¾",
    abs(work["again"] - work["plain"] - 0.75),
    0.25,
)

# %% [markdown]
r"""
Memory can be bought with work. *Checkpointing* keeps only every $\sqrt L$-th layer and computes each segment once more when the way back comes to it: in memory are the starts of $\sqrt L$ segments and the $\sqrt L$ layers of the one at hand, together $2\sqrt L$ instead of $L$, for less than one further evaluation {cite:p}`griewank2008`.

**Try it.** What does [the limit](#eq-bp-price) say for a 784-100-10 network and a large batch? Give a formula or four digits.
"""

# %% tags=["yours"]
price_of_reading = ...  # a number

exercise("bp-price").check(price_of_reading)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$P=784\cdot100+100\cdot10=79{,}400$.

```python
price_of_reading = 3 - 78_400 / 79_400
```

</details>
"""

# %% [markdown]
r"""
(bp-arrive)=
## Will the signal arrive?

The gradient is exact and cheap, and still deep networks did not learn for decades. [The recursion](#eq-bp-delta) shows one reason: the signal that reaches the first layer has been multiplied by a matrix and a slope at every layer. A product of thirty factors is astronomically small or large unless they are close to one.

(initialization-heuristics)=
So choose the start. *Random*, because equal units get equal gradients and stay equal for ever. And at the right *scale*. Let a rectified unit have $m$ inputs, no bias, and weights of mean 0 and variance $v$, independent and symmetric. Given the inputs, $z_i$ has variance $v\|x\|^2$, and since its sign is a fair coin, $\mathbb E\,(z_i)_+^2=\frac12v\|x\|^2$. Add up over the $m$ units of the next layer:

$$
\mathbb E\,\|x^l\|^2=\frac{m\,v}2\;\|x^{l-1}\|^2 .
$$ (eq-bp-he)

The mean square is kept if $v=2/m$, *two over the fan-in* {cite:p}`he2015`. On the way back the same matrices and coins appear again. The square of $\sum_iW_{ij}\,d_i\,\bar x_i$, with $d_i=1$ if unit $i$ is on and 0 otherwise, has $m$ pure terms, $\frac12v\bar x_i^2$ on average; the mixed ones drop out if the entries of the signal are uncorrelated, as behind an output layer of random weights. Then, where the widths are equal, the same $v$ keeps the signal (otherwise the way back wants two over the fan-*out*). Not so for a signal of one sign: weights of active units lean towards the common $x$ (normal ones have $\mathbb E\,d_iW_{ij}=\sqrt{v/2\pi}\,x_j/\|x\|$), and $(1,\dots,1)$, sent back, gains a factor near $1+\frac1\pi$ at once and grows several times over in twenty layers.

A factor $g$ in front, $v=g\cdot2/m$, is a factor $g^L$ after $L$ layers. Move $g$ a little away from one.
"""


# %%
def through_layers(gain, depth, m, seed, bend=None):
    rng, layers = np.random.default_rng(seed), []
    x, signal = rng.normal(size=(2, m))
    for _ in range(depth):
        W = rng.normal(size=(m, m)) * math.sqrt(gain * 2 / m)
        z = W @ x
        x, slope = bend(z) if bend else (np.maximum(z, 0), z > 0)
        layers.append((W, slope, np.mean(x**2)))
    back = []
    for W, slope, _ in reversed(layers):
        signal = W.T @ (signal * slope)
        back.append(np.mean(signal**2))
    return np.array([size for _, _, size in layers]), np.array(back)


# %% tags=["picture"]
def two_ways(g):
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    there, back = through_layers(g, 30, 128, 0)
    layers = np.arange(1, 31)
    ax.semilogy(layers, there, ".-", color=plot.BLUE, label="activities, forwards")
    ax.semilogy(31 - layers, back, ".-", color=plot.RED, label="signals, back")
    ax.semilogy(layers, g**layers, ":", color=plot.GREY, label="$g^l$")
    ax.set(xlabel="layer", ylabel="mean square", ylim=(1e-13, 1e10))
    ax.legend(ncols=3, loc="upper center")
    return fig


explore(
    two_ways,
    alt="Mean square of activities and of backward signals against the layer, logarithmic: level at a gain of one, falling or climbing by many orders of magnitude on both ways for a gain of a half or of two",
    g=[1.0, 0.5, 0.7, 1.3, 1.6, 2.0],
)

# %% [markdown]
r"""
Sigmoids fare worse: their slope is at most ¼, so with $v=1/m$ each layer divides the mean square of the signal by at least sixteen, on average. And their values have the mean ½. Does a larger scale make up for it? The control $\sigma-\frac12$ has the same slopes, and no mean. Let each kind of unit have the power of two that suits it best. Twenty layers of width 64, forty starts (a bar holds 80 % of them):
"""


# %% tags=["set-up"]
def sigmoid_with_slope(z):
    s = 0.5 * (1 + np.tanh(z / 2))
    return s, s * (1 - s)


def tanh_with_slope(z):
    return np.tanh(z), 1 - np.tanh(z) ** 2


def centred_with_slope(z):
    s, slope = sigmoid_with_slope(z)
    return s - 0.5, slope


def behind_twenty(scale, bend, seeds=40):
    """Mean square of the signal at the first layer, v = scale/m: (seeds,)."""
    return [through_layers(scale / 2, 20, 64, s, bend)[1][-1] for s in range(seeds)]


def fitting(bend):
    """The power of two whose median over five starts is nearest to one."""
    off = lambda k: abs(np.log(np.median(behind_twenty(2.0**k, bend, 5))))
    return 2 ** min(range(10), key=off)


bends = {"sigmoid": sigmoid_with_slope, "sigmoid − ½": centred_with_slope}
bends |= {"tanh": tanh_with_slope, "rectified": None}
scale_for = {name: fitting(bend) for name, bend in bends.items()}
arrived = {
    f"{name}, {'$v=1/m$' if k == 1 else f'$v={k}/m$'}": behind_twenty(k, bend)
    for name, bend in bends.items()
    for k in (1, scale_for[name])
}

# %% tags=["picture"] mystnb={"image": {"alt": "Mean square of the signal behind twenty layers, logarithmic, a dot for the median and a bar for eighty per cent of forty starts: at one over m the sigmoid is at ten to the minus 26, the sigmoid minus a half at ten to the minus 24, rectified units below ten to the minus 6, tanh at two per cent; at its best power of two each is near one, with the widest bar for the sigmoid; the sigmoid minus a half has the bar of tanh."}}
plt.figure(figsize=(6.8, 3.0))
for k, (name, sizes) in enumerate(arrived.items()):
    low, middle, high = np.quantile(sizes, [0.1, 0.5, 0.9])
    colour = plot.RED if k % 2 else plot.BLUE
    plt.hlines(-k, low, high, color=colour, lw=4, alpha=0.4)
    plt.plot(middle, -k, "o", color=colour)
plt.axvline(1, color=plot.GREY, ls=":")
plt.xscale("log")
plt.yticks(-np.arange(len(arrived)), arrived)
plt.xlabel("mean square of the signal behind 20 layers, sent with 1")
plt.show()

# %% tags=["checks"]
kept = [through_layers(1.0, 20, 64, seed) for seed in range(200)]
drawn = [np.random.default_rng(seed).normal(size=(2, 64)) for seed in range(200)]
inputs, sent = np.mean(np.array(drawn) ** 2, axis=2).T
verify_within_se(
    "v = 2/m, 20 layers, 200 starts: activities' mean square, last over first",
    np.array([there[-1] for there, _ in kept]) / inputs,
    1.0,
)
verify_within_se(
    "signals' mean square, first layer over last",
    np.array([back[-1] for _, back in kept]) / sent,
    1.0,
)
verify_within_se(
    "v = 1/m: each of ten layers halves the activities' mean square",
    np.array([through_layers(0.5, 10, 64, s)[0][-1] for s in range(200)])
    / inputs
    * 2.0**10,
    1.0,
)
redrawn = np.random.default_rng(5)
x, signal = redrawn.normal(size=(2, 6))
x = torch.tensor(x, requires_grad=True)
end = x
for _ in range(4):
    end = torch.relu(
        torch.tensor(redrawn.normal(size=(6, 6)) * math.sqrt(1.4 * 2 / 6)) @ end
    )
end.backward(torch.tensor(signal))
verify(
    "four layers of six units: both mean squares against autograd",
    [both_ways[-1] for both_ways in through_layers(1.4, 4, 6, 5)],
    [end.square().mean().item(), x.grad.square().mean().item()],
    rtol=1e-9,
)
verify_at_most(
    "twenty sigmoid layers, forty starts: the signal against 16⁻²⁰",
    np.array(arrived["sigmoid, $v=1/m$"]) / 16.0**-20,
    np.full(40, 1.0),
)
verify("the power of two that suits rectified units", scale_for["rectified"], 2)
saturated = {"sigmoid": [], "sigmoid − ½": [], "tanh": []}
for name, edge in zip(saturated, (2, 2, 1)):  # slopes σ′(2)/σ′(0) = tanh′(1)/1
    far = lambda z: (saturated[name].append(abs(z) > edge), bends[name](z))[1]
    behind_twenty(scale_for[name], far)
verify_at_least(
    "sigmoids at the scale that fits: share of units with |z| > 2",
    np.mean(saturated["sigmoid"]),
    0.7,
)
verify_at_most(
    "tanh and σ − ½ at the scale that fits: share of units with |z| > 1, |z| > 2",
    [np.mean(saturated["tanh"]), np.mean(saturated["sigmoid − ½"])],
    0.3,
)
verify(
    "σ(z) − ½ = ½ tanh(z/2): the scale that fits over that of tanh",
    scale_for["sigmoid − ½"] / scale_for["tanh"],
    4**2,
)
ratio = {name: np.divide(*np.quantile(a, [0.9, 0.1])) for name, a in arrived.items()}
verify_at_least(
    "sigmoids at the scale that fits: how far apart eight starts of ten lie, 10 to the",
    np.log10(ratio[f"sigmoid, $v={scale_for['sigmoid']}/m$"]),
    2.0,
)
verify_at_most(
    "tanh, rectified units and σ − ½ at theirs",
    np.log10([ratio[f"{name}, $v={scale_for[name]}/m$"] for name in list(bends)[1:]]),
    np.full(3, 1.6),
)
rng, m = np.random.default_rng(7), 32
x, layers = rng.normal(size=(300, m, 1)), []
for _ in range(20):
    W = rng.normal(size=(300, m, m)) * math.sqrt(2 / m)
    z = W @ x
    x = np.maximum(z, 0)
    layers.append(W * (z > 0))
signal, ends = np.ones((300, 1, m)), []
for J in reversed(layers):
    signal = signal @ J
    ends.append(np.mean(signal**2, axis=(1, 2)))
# E[d W_ij] = x_j/|x| · √(v/2π): the m(m − 1) mixed terms add (m − 1)/πm
verify_within_se(
    "(1, ..., 1) sent back: its mean square after one layer, 1 + (m − 1)/πm",
    ends[0],
    1 + (m - 1) / (math.pi * m),
)
verify_at_least("and after twenty", np.mean(ends[-1]), 3.0)
equal = mlp(3, 4, 1)
for w in equal.parameters():
    nn.init.constant_(w, 0.3)
equal_step = torch.optim.Adam(equal.parameters(), lr=0.02)
inputs_t, targets_t = torch.randn(50, 3), torch.randn(50, 1)
for _ in range(100):
    equal_step.zero_grad()
    F.mse_loss(equal(inputs_t), targets_t).backward()
    equal_step.step()
spread_within = equal[0].weight.std(0)
verify(
    "equal start: the four units after 100 steps are",
    spread_within,
    np.zeros(3),
    atol=1e-12,
)
verify_at_least(
    "how far they have come together", abs(equal[0].weight[0] - 0.3).max(), 0.1
)

# %% [markdown]
r"""
So it was the scale? In part: with 128 times the variance the sigmoid's signal arrives too, by size. But then eight units of ten are saturated ($|z|>2$) and pass on little, and more than two powers of ten lie between the starts. The control says that the small slope is not to blame: $\sigma-\frac12$ is content with 32 times the variance, and two units of ten are out there. It is a tanh in disguise, $\sigma(z)-\frac12=\frac12\tanh\frac z2$, and wants 16 times what tanh does. It is the mean of ½, the same for all examples, that fills $z$ and pushes the unit to its edge. Even rectified units at their right scale spread: nothing is lost *on average*, while single starts, of this narrow network, differ by a factor of twenty. That is why great depth needs more than a good start: [normalisation](#batch-normalization) and [skip connections](#skip-connection).

**Try it.** What variance keeps the mean square for the unit $|z|$? Answer as a function of the fan-in $m$.
"""

# %% tags=["yours"]
fold_gain = ...  # a function of m that returns a variance

exercise("bp-fold-gain").check(fold_gain)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$|z|^2=z^2$: no coin, nothing is lost.

```python
fold_gain = lambda m: 1 / m
```

</details>
"""

# %% [markdown]
r"""
(live-network)=
## Watch it learn

Here is all of it at once: a network of up to two hidden layers of tanh units on points that you paint. Press *train*. On the left is its answer over the square; the ring is the example we follow. On the right is its graph, with *activities* on the way forward or, switched over, the *signals* on the way back; an arrow shows the weight, or what the weight gets, its $\bar W$.

Three things to find. The smallest network that learns XOR; with one unit it is stuck at a loss of $\frac13$, and eight more behind that one unit free it. Where the signals go when the example is already right. And paint a ring inside a ring: what does the first hidden layer draw, and what does the second make of it?
"""

# %% tags=["set-up"]
LARGEST = (2, 8, 8, 1)
rng = np.random.default_rng(8)
live_start = [
    (
        (rng.normal(size=(k, j)) * math.sqrt(1 / j)).round(4),
        (rng.normal(size=k) * 0.3).round(4),
    )
    for j, k in zip(LARGEST, LARGEST[1:])
]


def corner(hidden):
    """The start of a smaller network: the upper left corners of the largest one's."""
    m = [2, *hidden, 1]
    stored = [*live_start[: len(hidden)], live_start[2]]
    return [(W[:k, :j].copy(), b[:k].copy()) for (W, b), j, k in zip(stored, m, m[1:])]


def live_network(state):
    """Losses after every step, then x and x̄ or z̄ of every layer at the probe."""
    points = np.array(state["points"])
    X, y = points[:, :2], points[:, 2:]
    theta = corner(state["hidden"])
    speed = [(0 * W, 0 * b) for W, b in theta]
    losses = []
    for _ in range(state["steps"]):
        xs = forward(X, theta)
        losses.append(0.5 * np.mean((xs[-1] - y) ** 2))
        grads = backprop(xs, theta, (xs[-1] - y) / len(y))
        for l, (pair, g) in enumerate(zip(speed, grads)):
            speed[l] = tuple(0.9 * v + d for v, d in zip(pair, g))
            theta[l] = tuple(w - state["eta"] * v for w, v in zip(theta[l], speed[l]))
    xs = forward(np.array([state["probe"][:2]]), theta)
    grads = backprop(xs, theta, xs[-1] - state["probe"][2])
    return [
        losses,
        [x[0].tolist() for x in xs],
        [b.tolist() for _, b in grads],  # b̄ = z̄
        [W.ravel().tolist() for W, _ in grads],
    ]


def painted(rng, n=12):
    """A state of the figure: random points with labels, a random network."""
    hidden = [int(k) for k in rng.integers(1, 9, rng.integers(0, 3))]
    points = np.c_[rng.uniform(-1, 1, (n, 2)), rng.choice([-1, 1], n)]
    return {
        "points": points.round(3).tolist(),
        "hidden": hidden,
        "eta": round(float(rng.uniform(0.01, 0.2)), 3),
        "steps": 15,
        "probe": [*rng.uniform(-1, 1, 2).round(3).tolist(), int(rng.choice([-1, 1]))],
    }


# %% tags=["picture"]
def ring_points(rng):
    """A ring inside a ring, as the figure opens."""
    angle, inner = rng.uniform(0, 2 * np.pi, 60), np.arange(60) < 24
    radius = np.where(inner, 0.15, 0.72) + rng.uniform(0, 0.2, 60)
    where = np.c_[radius * np.cos(angle), radius * np.sin(angle)].round(3)
    return np.c_[where, np.where(inner, 1, -1)].tolist()


rng = np.random.default_rng(9)
opening = {
    "points": ring_points(rng),
    "hidden": [4, 3],
    "eta": 0.1,
    "steps": 0,
    "probe": [0.2, 0.1, 1],
}
fig, ax = plt.subplots(figsize=(6.8, 3.4))
for sign, colour in ((1, plot.RED), (-1, plot.BLUE)):
    some = np.array([p for p in opening["points"] if p[2] == sign])
    ax.plot(some[:, 0], some[:, 1], "o", color=colour)
ax.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$", title="points of two kinds")
live(
    "network",
    opening | {"start": [[W.tolist(), b.tolist()] for W, b in live_start]},
    still=fig,
    states=[painted(rng) for _ in range(20)],
    truth=live_network,
    alt="A network with up to two hidden layers trains on points of two kinds that can be painted; on the left its answer over the square, on the right its graph with activities forwards or signals backwards",
)

# %% tags=["checks"]
losses = live_network(opening | {"steps": 800})[0]
verify_at_most(
    "the opening, 4 and 3 units, after 800 steps: loss over the first",
    losses[-1] / losses[0],
    0.1,
)
corners = [[-0.7, -0.7, -1], [0.7, 0.7, -1], [-0.7, 0.7, 1], [0.7, -0.7, 1]]
xor_ends = {
    hidden: live_network(
        opening | {"points": corners, "hidden": hidden, "steps": 3000}
    )[0]
    for hidden in ((), (1,), (2,), (1, 8))
}
# Without a bend: ½ · 1. With one unit the answer is monotone along a direction, and the
# best monotone one says −1 once and ⅓, the mean of what is left, three times.
left_over = [1.0 - 1 / 3, 1.0 - 1 / 3, -1.0 - 1 / 3]
verify(
    "XOR with no unit, with one, with two, with one before eight: the loss",
    [losses[-1] for losses in xor_ends.values()],
    [0.5, 0.5 * np.sum(np.square(left_over)) / 4, 0.0, 0.0],
    atol=1e-3,
)

# %% [markdown]
r"""
(bp-represent)=
## What the bends can do

How wide, how deep? The gradient cannot tell; it only finds what the network can represent. Two facts are worth carrying along, one about width and one about depth.

(relu-networks-are-universal)=
**Width: one layer can follow anything continuous.** On a line this is a construction. A continuous function made of straight pieces, with kinks at $t_1<\dots<t_q$, first slope $s_0$ and jumps $\delta_k$ of the slope, is

$$
f(x)=c+s_0x+\sum_{k=1}^q\delta_k\,(x-t_k)_+ :
$$ (eq-bp-kinks)

one rectified unit for each kink (and one that is always on for the slope $s_0$). To follow a smooth $f$ on $[0,1]$ take $q$ equal pieces, and let their ends lie on the curve. Between two of them, at distance $h=1/q$, a chord is off by $\frac12(x-a)(b-x)\,|f''(\xi)|$ for some $\xi$ (add to the difference a multiple of $(x-a)(b-x)$ that makes it vanish at $x$ too; with three zeros its second derivative has one), and $(x-a)(b-x)\le h^2/4$, so

$$
\max_{[0,1]}|f-f_q|\le\frac1{8q^2}\max|f''| .
$$ (eq-bp-rate)

Twice the width, a quarter of the error.
"""


# %%
def pieces(f, knots):  # c, s₀, kinks, jumps of the chords' slopes
    slopes = np.diff(f(knots)) / np.diff(knots)
    return f(knots)[0] - slopes[0] * knots[0], slopes[0], knots[1:-1], np.diff(slopes)


def one_hidden_layer(x, c, s, kinks, jumps):
    return c + s * x + np.maximum(x[:, None] - kinks, 0) @ jumps


# %% tags=["checks"]
x01, widths = np.linspace(0, 1, 20_001), np.array([8, 16, 32, 64, 128])
errors = [
    abs(one_hidden_layer(x01, *pieces(np.exp, np.linspace(0, 1, q + 1))) - np.exp(x01))
    for q in widths
]
share_of_bound = [e.max() / (math.e / (8 * q**2)) for e, q in zip(errors, widths)]
verify_at_most(
    "exp, 8 to 128 pieces: largest error over its bound e/8q²",
    np.array(share_of_bound),
    np.full(5, 1.0),
)
verify(
    "the bound is reached where f″ is largest: error in the last piece, over it",
    [
        e[-20_000 // q :].max() / (math.e ** (1 - 1 / (2 * q)) / (8 * q**2))
        for e, q in zip(errors, widths)
    ],
    np.full(5, 1.0),
    rtol=1e-3,
)
knots = np.sort(np.random.default_rng(8).uniform(-1, 1, 8))
heights = np.random.default_rng(9).normal(size=8)
inside = np.linspace(knots[0], knots[-1], 1000)
verify(
    "a random function with six kinks is six units",
    one_hidden_layer(inside, *pieces(lambda x: np.interp(x, knots, heights), knots)),
    np.interp(inside, knots, heights),
    atol=1e-12,
)

# %% [markdown]
r"""
(universal-approximation-theorem)=
The same holds in any dimension and for nearly every bend.

:::{prf:theorem} Universal approximation
:label: thm-bp-universal
Let $\sigma$ be continuous and not a polynomial. On every compact $\Omega\subset\mathbb R^n$ the functions

$$
x\mapsto\sum_{k=1}^qu_k\,\sigma(w_k^\top x+b_k),\qquad q\in\mathbb N,
$$ (eq-bp-universal)

are dense in $C(\Omega)$: for each continuous $f$ and $\epsilon>0$ there are $q,u,w,b$ with error at most $\epsilon$ everywhere on $\Omega$.
:::

{cite:t}`cybenko1989` proved it for sigmoids, {cite:t}`leshno1993` in this form. For smooth $\sigma$ on a line one formula carries the idea. Three units with nearly equal weights form a difference quotient *in the weight*,

$$
\frac{\sigma(b+hx)-2\sigma(b)+\sigma(b-hx)}{h^2}\;\longrightarrow\;x^2\,\sigma''(b)\qquad(h\to0),
$$ (eq-bp-monomial)

so three units make a parabola, $k+1$ units make $x^k$, if only some $b$ has $\sigma^{(k)}(b)\ne0$; that fails for all $b$ only when $\sigma$ is a polynomial. Monomials make polynomials, and those are dense. What the theorem does *not* say is how large $q$ must be, and that training [finds the weights](#universality-is-not-learnability).
"""

# %% tags=["checks"]
sigma = lambda z: 1 / (1 + np.exp(-z))
x, s = np.linspace(-1, 1, 101), sigma(1.0)
curvature = s * (1 - s) * (1 - 2 * s)  # σ″(1)
gaps = []
for h in (0.2, 0.1):
    three = (sigma(1 + h * x) - 2 * s + sigma(1 - h * x)) / h**2
    gaps.append(abs(three - x**2 * curvature).max())
verify_at_most(
    "three sigmoid units, h = 0.1: error over the parabola's height",
    gaps[1] / abs(curvature),
    0.02,
)
verify("half the h, a quarter of the error", gaps[0] / gaps[1], 4.0, rtol=0.02)

# %% [markdown]
r"""
(montufar-depth-theorem)=
**Depth: folding.** A layer can map several regions onto one, so that whatever the next layer draws appears on all of them, like a cut in folded paper. The tent $T(x)=2(x)_+-4(x-\frac12)_+$ folds $[0,1]$ once, with two units. Compose it.
"""


# %%
def tent(x):
    return 2 * np.maximum(x, 0) - 4 * np.maximum(x - 0.5, 0)


# %% tags=["picture"]
def folded(L):
    x = y = np.linspace(0, 1, 1025)
    for _ in range(L):
        y = tent(y)
    fig, ax = plt.subplots(figsize=(6.8, 2.6))
    ax.plot(x, y, color=plot.BLUE, lw=1.3)
    ax.set(xlabel="$x$", ylim=(-0.05, 1.1))
    ax.set_title(
        f"{2 * L} units, depth {L}: {2**L} pieces; in one layer at most {2 * L + 1}"
    )
    return fig


explore(
    folded,
    alt="The tent map composed L times: a zigzag of two to the L straight pieces",
    L=[1, 2, 3, 4, 5, 6, 7, 8],
)

# %% [markdown]
r"""
With $2L$ units, $2^L$ pieces; one layer with as many has at most $2L+1$, one more than it has kinks. So functions exist for which depth saves exponentially many units. With more inputs the same [holds](#eq-bp-montufar). Whether the functions you need are among them is an experimental question.
"""

# %% tags=["checks"]
dyadic, counts = np.arange(2**10 + 1) / 2**10, []  # every kink of 8 tents lies on it
for L in range(1, 9):
    dyadic = tent(dyadic)
    counts.append(1 + int(np.sum(np.diff(dyadic, 2) != 0)))
verify("pieces of L tents, L = 1 to 8", counts, [2**L for L in range(1, 9)])

# %% [markdown]
r"""
**Try it.** Build the hat that is 0 outside $[0,1]$ and rises in straight lines to 1 at $\frac12$: three kinks and the jumps of the slope.
"""

# %% tags=["yours"]
bump = ...  # a pair of lists (kinks, jumps)

exercise("bp-bump").check(bump)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The slopes are 0, 2, −2, 0, so they jump by 2, −4, 2.

```python
bump = ([0.0, 0.5, 1.0], [2.0, -4.0, 2.0])
```

</details>
"""

# %% [markdown]
r"""
(bp-practice)=
## In practice

At work one writes `loss.backward()` and means PyTorch: the same graph, the same sweep from the youngest node to the oldest, in C++ and for many more operations. An ordinary training loop, on the handwritten digits: 1,100 to learn from, 300 to choose by, 397 for the report.
"""

# %% tags=["set-up"]
split = data.digits(1400)
pixels = torch.tensor(np.r_[split.X_train, split.X_test], dtype=torch.float32)
labels = torch.tensor(np.r_[split.y_train, split.y_test])
train, validate, test = slice(0, 1100), slice(1100, 1400), slice(1400, None)


@torch.no_grad()
def accuracy(model, rows):
    return (model(pixels[rows]).argmax(1) == labels[rows]).double().mean().item()


# %%
def train_digits(hidden, lr, seed, epochs=15):  # setting
    model = mlp(64, *hidden, 10, act=nn.ReLU, seed=seed).float()
    loss, step = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr)
    for _ in range(epochs):
        for B in torch.randperm(1100).split(50):  # setting
            step.zero_grad()  # or the gradients of all steps add up
            loss(model(pixels[train][B]), labels[train][B]).backward()
            step.step()
    return model


# %% [markdown]
r"""
Two networks and the model without a hidden layer, [softmax regression](#multinomial-logistic-regression); each with its learning rate chosen on the validation digits from the same five, then run with six fresh seeds.
"""


# %% tags=["set-up"]
def side_by_side(hidden, rates, seeds, rows, epochs=15):
    """Accuracies (rates, seeds) of train_digits, all its networks in one stack."""
    starts, shown = [], []
    for seed in seeds:
        net = mlp(64, *hidden, 10, act=nn.ReLU, seed=seed).float()
        starts.append([p.detach() for p in net.parameters()])
        shown.append(torch.stack([torch.randperm(1100) for _ in range(epochs)]))
    again = lambda x: x.repeat(len(rates), *[1] * (x.ndim - 1))  # once for every rate
    stack = [again(torch.stack(p)).requires_grad_() for p in zip(*starts)]
    rate = torch.tensor(rates).float().repeat_interleave(len(seeds))

    def logits(X):  # (runs, n, 64)
        for k in range(0, len(stack), 2):
            X = torch.baddbmm(stack[k + 1][:, None], X.relu() if k else X, stack[k].mT)
        return X

    for epoch in again(torch.stack(shown)).unbind(1):  # (runs, 1100)
        for B in epoch.split(50, 1):
            losses = F.cross_entropy(logits(pixels[B]).mT, labels[B], reduction="sum")
            for p, slope in zip(stack, torch.autograd.grad(losses / 50, stack)):
                p.data -= rate.view(-1, *[1] * (p.ndim - 1)) * slope
    with torch.no_grad():
        answers = logits(pixels[rows].expand(len(rate), -1, -1)).argmax(2)
    right = (answers == labels[rows]).double().mean(1)
    return right.view(len(rates), len(seeds)).numpy()


reports, rate_for = {}, {}
five_rates = (0.1, 0.3, 1.0, 3.0, 10.0)
for hidden in ((), (32,), (64, 32)):
    tried_rates = side_by_side(hidden, five_rates, (0, 1), validate).sum(1)
    chosen = rate_for[hidden] = five_rates[tried_rates.argmax()]
    reports[hidden] = side_by_side(hidden, [chosen], range(10, 16), test)[0]
    name = "-".join(map(str, (64, *hidden, 10)))
    middle, deviation = np.mean(reports[hidden]), np.std(reports[hidden], ddof=1)
    print(f"{name:12} rate {chosen:4}   test accuracy {middle:.3f} ± {deviation:.3f}")
closest = torch.cdist(pixels[test], pixels[train]).argmin(1)
by_neighbour = (labels[train][closest] == labels[test]).double().mean().item()
print(f"{'nearest neighbour':32}{by_neighbour:.3f}")

# %% [markdown]
r"""
Every rate was found inside the grid. Look at the spread before you name a winner: the hidden layers make no difference that six seeds could show, and 397 digits settle an accuracy to no better than 0.009 (one standard error). A nearest neighbour, which learns nothing, is as good as any of them. On pictures this small and clean the classes are nearly parted by planes already. [Larger pictures](#cnn-chapter) are another matter.
"""

# %% tags=["checks"]
fresh = [train_digits((32,), 0.1, seed, epochs=0)(pixels[train]) for seed in range(8)]
verify(
    "before training, eight starts: the mean loss of guessing among ten classes, ln 10",
    np.mean([F.cross_entropy(Z, labels[train]).item() for Z in fresh]),
    math.log(10),
    atol=0.04,
)
verify(
    "a network of the stack, and the same one trained alone: validation accuracy",
    side_by_side((32,), (0.1, 0.3), (0, 1), validate)[1, 1],
    accuracy(train_digits((32,), 0.3, 1), validate),
    atol=2 / 300,
)
means = [np.mean(a) for a in reports.values()] + [by_neighbour]
verify_at_least("the worst of them", min(means), 0.95)
verify(
    "the chosen rates lie inside the grid",
    [0.1 < rate < 10 for rate in rate_for.values()],
    [True] * 3,
)
verify_at_least(
    "nearest neighbour minus the best of the three, in standard errors of 397 digits",
    (by_neighbour - max(means[:3])) / math.sqrt(max(means) * (1 - max(means)) / 397),
    -1.0,
)
variances = [np.var(a, ddof=1) / 6 for a in reports.values()]
verify_at_most(
    "two networks against softmax regression: difference in standard errors",
    abs(np.array(means[1:3]) - means[0])
    / np.sqrt(np.array(variances[1:]) + variances[0]),
    np.full(2, 3.0),
)
net = mlp(64, 32, 10)
theta = [Tensor(a) for W, b in weights_of(net) for a in (W.T.copy(), b)]
sgd, doubles = torch.optim.SGD(net.parameters(), lr=0.5), pixels.double()
for step in range(50):
    rows = slice(20 * step, 20 * step + 20)
    sgd.zero_grad()
    F.cross_entropy(net(doubles[rows]), labels[rows]).backward()
    sgd.step()
    for p in theta:
        p.grad = None
    Z = network(doubles[rows].numpy(), theta)
    Z = Z - Z.max(1, True)
    own = Z[np.arange(20), labels[rows].numpy()]
    (Z.exp().sum(1).log() - own).mean().backward()
    for p in theta:
        p.data = p.data - 0.5 * p.grad
verify(
    "fifty steps on digits end at the same weights, our engine and torch",
    np.concatenate([p.data.T.ravel() for p in theta]),
    nn.utils.parameters_to_vector(net.parameters()),
    atol=1e-12,
)

# %% [markdown]
r"""
Six tools worth knowing by name. `torch.autograd.gradcheck` compares with finite differences, in double precision. `torch.func.jvp` is forward mode, `vjp` reverse mode, `jacfwd` and `jacrev` make whole Jacobians by either. And `torch.autograd.Function`, with a `forward` and a `backward` of yours, makes a new kind of node.
"""

# %% [markdown]
r"""
(bp-beware)=
## Beware

**"Calling `backward` twice simply doubles the gradient."** Gradients add up, so one expects it (and a loop without `zero_grad` [swings for ever](#forgetting-zero-grad)). In [our array engine](#bp-arrays) yes; PyTorch refuses, because it has freed what it kept, unless the first call says `retain_graph=True`, and then yes. Engines that keep the signals of *all* nodes, such as our twenty-five lines, find the old ones inside the graph and push them on again. For $(x^2)^2$ the second call adds not $4x^3$ but twice that.
"""

# %% tags=["checks"]
v, t = Value(1.5), Tensor(1.5)
v_squared, t_squared = v * v, t * t
v_end, t_end = v_squared * v_squared, t_squared * t_squared
backward(v_end), backward(v_end)
t_end.backward(), t_end.backward()
x = torch.tensor(1.5, requires_grad=True)
x_end = (x * x) ** 2
x_end.backward(retain_graph=True), x_end.backward()
try:
    x_end.backward()
    words = "no error"
except RuntimeError as error:
    words = str(error)
verify(
    "backward twice on x⁴, over 4x³: array engine, torch, twenty-five lines",
    [float(g) / (4 * 1.5**3) for g in (t.grad, x.grad, v.grad)],
    [2.0, 2.0, 3.0],
    rtol=1e-12,
)
verify("torch, once the graph is freed: refuses", "second time" in words, True)

# %% [markdown]
r"""
**"The value is right, so the gradient is."** A cut in the graph is silent. `detach`, `item`, a detour through NumPy: the value is right, a path is gone, and the gradient is a part of the truth. **"The formula is right, so the program is."** The softmax of large scores overflows, and its derivative, infinity over infinity, is not a number. Take the maximum out of the scores first, which changes neither the [softmax](#softmax) nor its loss.
"""

# %% tags=["checks"]
x, shares = torch.tensor(2.0, requires_grad=True), []
by_numpy = lambda x: torch.tensor(x.detach().numpy())
for cut in (torch.detach, torch.Tensor.item, by_numpy):
    shares.append(torch.autograd.grad(x * cut(x), x)[0].item() / 4)
verify(
    "x · x, one factor through detach, item, NumPy: share left of the slope 2x",
    shares,
    [0.5] * 3,
    atol=0,
)
large, ends = np.array([[1000.0, 0.0, -1000.0]]), []
for shift in (0.0, 1000.0):
    z = Tensor(large)
    with np.errstate(all="ignore"):
        shifted = z - shift
        (
            shifted.exp().sum(1).log() - shifted[np.arange(1), np.array([1])]
        ).sum().backward()
    ends.append(z.grad[0])
verify(
    "scores of ±1000, as they are: the gradient is finite",
    bool(np.isfinite(ends[0]).all()),
    False,
)
verify("with the maximum taken out: p − y", ends[1], [1.0, -1.0, 0.0], atol=1e-12)

# %% [markdown]
r"""
**"It passed a gradient check."** At one place. A rectified unit whose slope is 1 *everywhere* passes on [the network by hand](#bp-layers), where both units are on. At twenty random inputs it fails four times: check at several.
"""

# %% tags=["checks"]
always_on = lambda z: Value(max(0.0, z.data), (z, 1.0))


def network_by_hand(x1, x2):
    first, second = always_on(x1 + x2), always_on(x1 + x2 + Value(-1.0))
    out = first + Value(-1.0) * second
    return out * out


def check_misses(x1, x2, h=1e-5):
    """Slope by x1 from the faulty unit, minus the central difference."""
    at = lambda x: network_by_hand(Value(x), Value(x2))
    leaf = Value(x1)
    backward(network_by_hand(leaf, Value(x2)))
    return abs(leaf.grad - (at(x1 + h).data - at(x1 - h).data) / (2 * h))


elsewhere = np.random.default_rng(0).normal(size=(20, 2))
verify_at_most("the faulty unit at (1, 1): it passes", check_misses(1.0, 1.0), 1e-6)
verify(
    "at twenty random inputs: it fails, as often as just one unit is on",
    sum(check_misses(*map(float, x)) > 1e-3 for x in elsewhere),
    int(np.sum(np.ptp(np.sign(elsewhere.sum(1)[:, None] - [0, 1]), axis=1) > 0)),
)

# %% [markdown]
r"""
**"The smaller the $h$, the better the check."** It holds on paper. But a [central difference](#derivative) errs by about $h^2$ from the curve and by $\epsilon/h$ from rounding, so the best $h$ is near $\epsilon^{1/3}$: $6\cdot10^{-6}$ in double precision, $5\cdot10^{-3}$ in single. The error is then about $\epsilon^{2/3}$, two thirds of the digits. In single precision that leaves four or five, enough for a gross slip and too few for a small one: check in double.
"""

# %% tags=["set-up"]
best_error, best_h = {}, {}
for dtype in (np.float32, np.float64):
    spot, tried = np.linspace(0.5, 1.5, 200).astype(dtype), {}
    for h in 10.0 ** np.arange(-10, 0, 0.25):
        if h > 4 * np.finfo(dtype).eps:
            step = dtype(h)
            numeric = (np.sin(spot + step) - np.sin(spot - step)) / (2 * step)
            tried[h] = np.sqrt(np.mean((numeric - np.cos(spot.astype(float))) ** 2))
    best_h[dtype] = min(tried, key=tried.get)
    best_error[dtype] = tried[best_h[dtype]]
    at_fixed = tried[min(tried, key=lambda h: abs(h - 1e-5))]
    print(f"{dtype.__name__}: error {at_fixed:.0e} at h = 1e-5,", end=" ")
    print(f"{best_error[dtype]:.0e} at the best, {best_h[dtype]:.0e}")

# %% tags=["checks"]
types = (np.float32, np.float64)
rounding = np.array([np.finfo(d).eps for d in types], float)
verify(
    "the best h, as a power of ten: a third of the rounding's",
    np.log10([best_h[d] for d in types]),
    np.log10(rounding) / 3,
    atol=0.6,
)
verify(
    "its error, as a power of ten: two thirds of the rounding's",
    np.log10([best_error[d] for d in types]),
    np.log10(rounding) * 2 / 3,
    atol=1.0,
)

# %% [markdown]
"""
(bp-exercises)=
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""

# %% [markdown]
r"""
:::{exercise} Softmax
:label: ex-bp-softmax
Write the Jacobian of $z\mapsto\operatorname{softmax}(z)$, without autograd.
:::
"""

# %% tags=["yours"]
softmax_jacobian = ...  # a function of the array z

exercise("bp-softmax").check(softmax_jacobian)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac{\partial p_i}{\partial z_j}=p_i\delta_{ij}-p_ip_j$. It is also the Hessian of the cross-entropy.

```python
def softmax_jacobian(z):
    p = np.exp(z - z.max())
    p = p / p.sum()
    return np.diag(p) - np.outer(p, p)
```

</details>

:::{exercise} A sandwich
:label: ex-bp-sandwich
What is the gradient of $\|AXB-C\|_F^2$ by $X$?
:::
"""

# %% tags=["yours"]
sandwich = ...  # a function of A, X, B, C

exercise("bp-sandwich").check(sandwich)

# %% [markdown]
r"""
<details><summary>Solution</summary>

With $E=AXB-C$ the signal of $AXB$ is $2E$, and [the rule of the product](#bp-arrays), used twice, gives $2A^\top EB^\top$.

```python
sandwich = lambda A, X, B, C: 2 * A.T @ (A @ X @ B - C) @ B.T
```

</details>

:::{exercise} Curvature for two gradients
:label: ex-bp-curvature
The Hessian of a loss with a million weights has $10^{12}$ entries. Its product with *one* vector $v$ is cheap: the derivative of $\nabla\mathcal R(w+\epsilon v)$ by $\epsilon$. Compute it with the array engine and a central difference.
:::
"""

# %% tags=["yours"]
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

# %% tags=["yours"]
brackets = ...  # a function of the list of sizes

exercise("bp-brackets").check(brackets)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The last product splits the chain somewhere; both sides are smaller problems of the same kind, and there are only $L(L+1)/2$ of them. With sizes 10, 10, 1, 10, 10 either end needs 1,200 multiplications, the middle 300.

```python
import functools

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
(bp-summary)=
## Summary

| idea | formula | where |
|---|---|---|
| perceptron | $z^l=W^lx^{l-1}+b^l$, $x^l=\sigma(z^l)$; $\sum_lm_l(m_{l-1}+1)$ weights | [layers](#eq-bp-mlp) |
| sum over paths | $\frac{df}{dx}=\sum_{\text{paths}}\prod\text{arrows}$ | [paths](#eq-bp-paths) |
| reverse mode | the paths factored by their first arrow: $\bar v=\sum_w\frac{\partial w}{\partial v}\bar w$, one sweep for each output | [signals](#eq-bp-reverse) |
| forward mode | factored by their last arrow: one sweep for each input | [tangents](#eq-bp-forward) |
| backpropagation | $\bar z^L=\hat y-y$, $\bar x^{l-1}=W^{l\top}\bar z^l$, $\bar z^{l-1}=\bar x^{l-1}\odot\sigma'(z^{l-1})$ | [recursion](#eq-bp-delta) |
| weights | $\bar W^l=\bar z^l(x^{l-1})^\top$, $\bar b^l=\bar z^l$ | [outer product](#eq-bp-weight) |
| price | value and gradient cost at most 5 values; for wide layers and batches $3-m_0m_1/P$, and memory for all activities | [count](#eq-bp-count), [limit](#eq-bp-price) |
| start | variance $2/\text{fan-in}$ for rectified units | [scale](#eq-bp-he) |
| width, depth | one layer: error $\le\max\lvert f''\rvert/8q^2$; $L$ folds: $2^L$ pieces | [rate](#eq-bp-rate), [pieces](#eq-bp-montufar) |

**Further reading.** {cite:t}`griewank2008` for everything about automatic differentiation, {cite:t}`baydin2018` for a survey from the side of learning. {cite:t}`karpathy2020` is the smallest engine that is right, and the model of our twenty-five lines. In their authors' words: backpropagation {cite:p}`rumelhart1986`, the bound of five {cite:p}`baur1983`, universality {cite:p}`cybenko1989,leshno1993`, pieces and depth {cite:p}`montufar2014`.
"""

# %% [markdown]
r"""
(bp-shelf)=
## The shelf

What the thread did not need stands here, to be consulted rather than read through: every entry can be read alone.
"""

# %% tags=["set-up"]
import sympy as sp
from scipy.special import j0

short = np.linspace(-1, 1, 400)
jac = torch.func.jacrev


def stack(matrices):
    """All their entries in one row."""
    return torch.cat([M.detach().ravel() for M in matrices])


def minimise(parameters, loss, steps, lr):
    """Adam on all of them; returns the last loss."""
    optimizer = torch.optim.Adam(parameters, lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
    return value.item()


def train_xor(nets, hidden, act, steps, seed=0):
    """Final mean squared errors of many 2-hidden-1 networks, trained side by side."""
    torch.manual_seed(seed)
    shapes = ((2, hidden), (1, hidden), (hidden, 1), (1, 1))
    theta = [torch.randn(nets, *s, requires_grad=True) for s in shapes]
    X, y = torch.tensor(X_xor), torch.tensor(y_xor)[:, None]
    W1, b1, W2, b2 = theta
    error = lambda: ((act(X @ W1 + b1) @ W2 + b2 - y) ** 2).mean((1, 2))  # (nets,)
    minimise(theta, lambda: error().sum(), steps, 0.05)
    return error().detach().numpy()


# %% [markdown]
r"""
### How fast is a hundred lines?

The smallest engine that many have learned from is micrograd {cite:p}`karpathy2020`; like our `Value` it makes one object for every number. Its demonstration is two moons (here of 50 points), two hidden layers of 16 rectified units, the loss $(1-y\hat y)_+$ and a little weight decay. Micrograd, our array engine and PyTorch get the same weights and points (in the last two the decay is added without a graph). Loss and gradient are compared; the times, on one thread, are only shown: one step of micrograd, the best of eight averages over forty steps of the others.
"""

# %% tags=["set-up"]
from micrograd.engine import Value as MicroValue
from micrograd.nn import MLP
from sklearn import datasets

moons, which = datasets.make_moons(50, noise=0.1, random_state=1)
sign = (2.0 * which - 1)[:, None]  # (50, 1)
rng = np.random.default_rng(20)
moon_start = [
    a
    for m, k in ((2, 16), (16, 16), (16, 1))
    for a in (rng.uniform(-1, 1, (m, k)), np.zeros(k))
]
scalar_net = MLP(2, [16, 16, 1])
for layer, W in zip(scalar_net.layers, moon_start[::2]):
    for neuron, weights in zip(layer.neurons, W.T):
        for value, number in zip(neuron.w, weights):
            value.data = float(number)


def scalar_gradient():
    """micrograd's demonstration: the loss and its gradient."""
    margins = [
        (1 + -s * scalar_net(list(map(MicroValue, row)))).relu()
        for row, s in zip(moons, sign[:, 0])
    ]
    squares = sum(p * p for p in scalar_net.parameters())
    loss = sum(margins) * (1.0 / 50) + 1e-4 * squares
    scalar_net.zero_grad()
    loss.backward()
    return loss.data, np.array([p.grad for p in scalar_net.parameters()])


def array_gradient(theta):
    for p in theta:
        p.grad = None
    loss = (1.0 - network(moons, theta, rectify) * sign).relu().mean()
    loss.backward()
    for p in theta:
        p.grad += 2e-4 * p.data
    return loss.data + 1e-4 * sum(np.vdot(p.data, p.data) for p in theta)


moons_t, sign_t = torch.tensor(moons), torch.tensor(sign)


def torch_gradient(theta):
    for p in theta:
        p.grad = None
    h = torch.relu(torch.addmm(theta[1], moons_t, theta[0]))
    h = torch.relu(torch.addmm(theta[3], h, theta[2]))
    loss = torch.relu(1.0 - torch.addmm(theta[5], h, theta[4]) * sign_t).mean()
    loss.backward()
    with torch.no_grad():
        torch._foreach_add_([p.grad for p in theta], theta, alpha=2e-4)
        return loss.item() + 1e-4 * sum(
            torch.vdot(p.view(-1), p.view(-1)) for p in theta
        )


array_theta = [Tensor(a) for a in moon_start]
torch_theta = [torch.tensor(a, requires_grad=True) for a in moon_start]
forty = lambda f, theta: seconds(lambda: [f(theta) for _ in range(40)], 8) / 40
array_time, torch_time = (
    forty(array_gradient, array_theta),
    forty(torch_gradient, torch_theta),
)
by_micrograd = []  # what its run returns
scalar_time = seconds(lambda: by_micrograd.append(scalar_gradient()), 1)
measured("micrograd", scalar_time, ("our array engine", array_time))
measured("torch, called from Python", torch_time, ("our array engine", array_time))

# %% tags=["checks"]
scalar_loss, by_scalars = by_micrograd[-1]
array_loss, torch_loss = array_gradient(array_theta), torch_gradient(torch_theta)
join = lambda W, b: np.c_[np.asarray(W).T, np.asarray(b)].ravel()
verify(
    "two moons: micrograd's loss, ours and torch's",
    [array_loss, torch_loss.item()],
    [scalar_loss] * 2,
    rtol=1e-12,
)
for name, theta in (("ours", array_theta), ("torch's", torch_theta)):
    grads = [np.asarray(p.grad) for p in theta]
    verify(
        f"two moons: micrograd's gradient and {name}",
        np.concatenate([join(W, b) for W, b in zip(grads[::2], grads[1::2])]),
        by_scalars,
        atol=1e-12,
    )

# %% [markdown]
r"""
The same numbers, at prices of their own: an interpreter is paid by the operation, so operations should be large. PyTorch's bookkeeping too is paid by the operation, and on matrices as small as these it weighs. On large ones the arithmetic counts, the same for all who call a matrix product.
"""

# %% [markdown]
r"""
### What a network is made of

(compositional-model)=
**Structure is chosen, parameters are learned.** Nature holds an unknown $F^*:\mathbb R^n\to\mathbb R^m$, seen through noisy samples $(x_i,y_i)$. The designer fixes a family composed of simple blocks, $f_\theta=f_{\theta_L}\circ\dots\circ f_{\theta_1}$ (model selection); the parameters $\theta=(\theta_1,\dots,\theta_L)$ are found by minimising a loss (training). $F^*$ need not belong to the family: the best line through $\sin2\pi x$, two full periods on $[-1,1]$, is off by $\frac12-\frac3{4\pi^2}$ in the mean square, however many data there are.

(deep-composition)=
**Layers in a row.** A layer is $F^l=\sigma\circ f_l$ with $f_l$ affine; a single one with the logistic $\sigma$ is logistic regression. A network composes them, $x=x^0\mapsto x^1\mapsto\dots\mapsto x^L\mapsto\mathcal R$. Composition is associative, so what one calls "the features" and what "the classifier" is a matter of taste: the network can be restarted from any $x^l$.

(composition-of-linear-maps)=
**Without bends depth collapses.** A composition of affine maps is affine: the product $W^L\cdots W^1$ is one matrix, of a rank no larger than the smallest width.
"""

# %% tags=["checks"]
rng = np.random.default_rng(1)
errors = []
for _ in range(200):
    x = rng.uniform(-1, 1, 2000)
    wave = np.sin(2 * np.pi * x)
    errors.append(np.mean((np.polyval(np.polyfit(x, wave, 1), x) - wave) ** 2))
verify_within_se(
    "best line through a sine, 200 draws of 2,000 points: ½ − 3/4π², two degrees of freedom taken off",
    np.array(errors) / (1 - 2 / 2000),
    1 / 2 - 3 / (2 * np.pi) ** 2,
)
widths = [6, 8, 3, 7, 8, 5]
torch.manual_seed(5)
flat_net = nn.Sequential(*[nn.Linear(m, k) for m, k in zip(widths, widths[1:])])
points = torch.randn(60, 6)
said = flat_net(points).detach().numpy()
with_ones = np.c_[points.numpy(), np.ones(60)]
fitted = np.linalg.lstsq(with_ones, said, rcond=None)[0]
verify(
    "five affine layers at sixty points: one affine map, by least squares",
    with_ones @ fitted,
    said,
    atol=1e-12,
)
verify(
    "the rank of its matrix is the smallest width",
    np.linalg.matrix_rank(fitted[:6], tol=1e-9),
    min(widths),
)
verify(
    "XOR by affine layers of width 8: three starts end where the line does",
    train_xor(3, 8, lambda z: z, 300),
    np.full(3, 0.25),
    atol=1e-3,
)

# %% [markdown]
r"""
(activation-functions)=
### Activation functions

The *activation function* keeps depth from collapsing; normally it has nothing to learn, though a slope $\lambda$ in $\sigma(\lambda x)$ can be learned like any weight. Customary are rectified units in hidden layers, a sigmoid to give out a probability, softmax for one of several classes, tanh in recurrent networks.

(relu)=
(absolute-value-rectification)=
(tanh)=

| activation | values | derivative | identity |
|---|---|---|---|
| ReLU $(x)_+$ | $[0,\infty)$ | 0 or 1; at the kink none, subgradients $[0,1]$ | $(x)_+=\frac12(x+\lvert x\rvert)$ |
| absolute value | $[0,\infty)$ | $\operatorname{sign}x$; at the kink none, subgradients $[-1,1]$ | $\lvert x\rvert=2(x)_+-x$ |
| $\tanh x=\frac{e^x-e^{-x}}{e^x+e^{-x}}$ | $(-1,1)$ | $1-\tanh^2x$ | odd: $\tanh(-x)=-\tanh x$ |
| sigmoid $\sigma(x)=\frac1{1+e^{-x}}$ | $(0,1)$ | $\sigma(1-\sigma)\le\frac14$ | $\sigma(-x)=1-\sigma(x)$ |

The *rectified linear unit* is *active* for positive input only, and positively homogeneous: $(cx)_+=c\,(x)_+$ for $c>0$. At its kink software returns 0.

(sigmoid-tanh-equivalence)=
**Which are the same?** Multiplying numerator and denominator of $\tanh t$ by $e^{-t}$ gives

$$
\tanh t=\frac{1-e^{-2t}}{1+e^{-2t}}=2\sigma(2t)-1,\qquad\sigma(t)=\tfrac12\bigl(1+\tanh\tfrac t2\bigr).
$$ (eq-bp-tanh)

So every sigmoid network *is* a tanh network: halve the weights and biases that enter a unit; halve the weights that leave it and add half their sum to the next bias. Likewise ReLU and $|\cdot|$ differ by a linear term, so with a skip connection each can play the other. Smooth and kinked units are *not* the same: a finite ReLU network is made of straight pieces, a sigmoid network of none.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "ReLU, absolute value, tanh and sigmoid on the left, their derivatives on the right; the derivative of the sigmoid stays below one quarter."}}
g = np.linspace(-4, 4, 400)
shapes_of = {
    "ReLU": np.maximum(g, 0),
    "absolute value": abs(g),
    "tanh": np.tanh(g),
    "sigmoid": 1 / (1 + np.exp(-g)),
}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.8))
for name, curve in shapes_of.items():
    axes[0].plot(g, curve, label=name)
    axes[1].plot(g[:-1], np.diff(curve) / np.diff(g))
axes[0].set(title="activation", xlabel="$x$", ylim=(-1.3, 3))
axes[1].set(title="derivative", xlabel="$x$")
fig.legend(loc="outside lower center", ncols=4)
plt.show()

# %% tags=["checks"]
g = torch.linspace(-4, 4, 80).requires_grad_()  # none of them is 0
s = 1 / (1 + torch.exp(-g))
by_table = {
    torch.relu: (g > 0).double(),
    torch.abs: torch.sign(g),
    torch.tanh: 1 - torch.tanh(g) ** 2,
    torch.sigmoid: s * (1 - s),
}
verify(
    "four activations: derivatives by autograd and as in the table",
    torch.stack([torch.autograd.grad(f(g).sum(), g)[0] for f in by_table]),
    torch.stack(list(by_table.values())),
    atol=1e-12,
)
rng, sizes = np.random.default_rng(4), [3, 8, 8, 2]
sig_net = [
    (rng.normal(size=(k, m)), rng.normal(size=k)) for m, k in zip(sizes, sizes[1:])
]
tanh_net = []
for l, (W, b) in enumerate(sig_net):
    if l > 0:  # inputs are now (1 + tanh)/2
        W, b = W / 2, b + W.sum(1) / 2
    if l < 2:  # σ(z) needs tanh(z/2)
        W, b = W / 2, b / 2
    tanh_net.append((W, b))
P = rng.normal(size=(100, 3))
verify(
    "a 3-8-8-2 sigmoid network rewritten for tanh",
    forward(P, tanh_net)[-1],
    forward(P, sig_net, lambda z: 1 / (1 + np.exp(-z)))[-1],
    atol=1e-12,
)
(W, b), u = sig_net[0], rng.normal(size=8)
Z = P @ W.T + b
verify(
    "a ReLU layer rewritten with absolute values and a skip term",
    0.5 * abs(Z) @ u + 0.5 * Z @ u,
    forward(P, [(W, b), (u[None], np.zeros(1))], lambda z: np.maximum(z, 0))[-1][:, 0],
    atol=1e-12,
)
torch.manual_seed(0)
lam, u = torch.tensor(1.0, requires_grad=True), torch.randn(1000)
goal = torch.sigmoid(3 * u) + 0.05 * torch.randn(1000)
minimise([lam], lambda: F.mse_loss(torch.sigmoid(lam * u), goal), 300, 0.05)
slope_at = torch.sigmoid(3 * u) * (1 - torch.sigmoid(3 * u)) * u
verify(
    "a slope learned from 1,000 points: the true 3, within four standard errors",
    lam,
    3.0,
    atol=4 * 0.05 / slope_at.square().sum().sqrt().item(),
)

# %% [markdown]
r"""
(output-units-as-inverse-link)=
### What comes out

The last layer decides what an output can *be*, and with it what noise one believes in. It is the inverse of the canonical link of a [generalised linear model](#generalized-linear-model), applied to $z^L$:

| target | last layer | values | noise | loss |
|---|---|---|---|---|
| real numbers | affine | $\mathbb R^q$ | normal | $\frac12\lVert\hat y-y\rVert^2$ |
| yes or no | sigmoid | $(0,1)^q$ | Bernoulli | $-\sum_i[y_i\log\hat y_i+(1-y_i)\log(1-\hat y_i)]$ |
| one of $q$ | softmax | probability vectors | categorical | $-\sum_iy_i\log\hat y_i$ |

For these pairs [the signal starts](#eq-bp-softmax) as $\hat y-y$. A head that cannot reach its targets cannot be trained to: a sigmoid on targets between −5 and 5 can at best clip them to $[0,1]$.

(probabilistic-outputs)=
**Outputs that are distributions.** Read from right to left the table is a recipe: choose a family $p(y;\mu)$, let the network give out its parameters, $x\mapsto\mu=F(x)\mapsto p(y;\mu)$, and train with $-\log p$. For instance a mean *and* a log-variance, on data whose noise $0.1+0.2\,|x|$ grows away from the centre; nobody tells the network.
"""

# %% tags=["checks"]
u = torch.linspace(-1, 1, 100)[:, None]
wide = 5 * torch.sin(3 * u)
reached = {}
for name, head in (("sigmoid", torch.sigmoid), ("affine", lambda z: z)):
    net = mlp(1, 16, 1)
    reached[name] = minimise(
        net.parameters(), lambda: F.mse_loss(head(net(u)), wide), 400, 0.03
    )
floor = F.mse_loss(wide.clamp(0, 1), wide).item()  # the nearest that (0, 1) allows
verify(
    "sigmoid head, targets to ±5: error against the clipped targets' own",
    reached["sigmoid"],
    floor,
    rtol=0.02,
)
verify_at_most("affine head: error over that", reached["affine"] / floor, 0.01)
torch.manual_seed(2)
x = 6 * torch.rand(4000, 1) - 3
true_deviation = 0.1 + 0.2 * abs(x)
y = torch.sin(x) + true_deviation * torch.randn(4000, 1)
both = mlp(1, 24, 2)


def normal_nll(rows):
    mean, log_var = both(x[rows]).split(1, 1)
    return 0.5 * (log_var + (y[rows] - mean) ** 2 / log_var.exp()).mean()


minimise(both.parameters(), lambda: normal_nll(slice(2000)), 400, 0.02)
with torch.no_grad():
    mean, log_var = both(x[2000:]).split(1, 1)
    standardised = (y[2000:] - mean) / (log_var / 2).exp()
    off = ((log_var / 2).exp() / true_deviation[2000:]).log().square().mean().sqrt()
verify_within_se(
    "2,000 fresh points: standardised residuals", standardised[:, 0].numpy(), 0.0
)
verify_at_most(
    "learned deviation against the true one: typical error of its logarithm", off, 0.15
)
verify(
    "share of fresh points in the 95 % band",
    (abs(standardised) < 1.96).double().mean(),
    0.95,
    atol=4 * math.sqrt(0.95 * 0.05 / 2000),
)

# %% [markdown]
r"""
(mixture-density-output)=
### Mixtures as outputs

Turn a function around, $x=y+0.3\sin2\pi y+\text{noise}$, and ask for $y$ given $x$: for some $x$ there are three answers, and their mean is none of them. A *mixture density* head {cite:p}`bishop1994` gives out weights $\pi_k$ (by softmax), means and scales of

$$
p(y\mid x)=\sum_{k=1}^K\pi_k(x)\,\mathcal N\bigl(y;\mu_k(x),\sigma_k^2(x)\bigr),
$$ (eq-bp-mixture)

trained by a log-sum-exp, so that no exponential underflows.
"""


# %% tags=["set-up"]
def inverse_problem(n):
    y = torch.rand(n, 1)
    return y + 0.3 * torch.sin(2 * np.pi * y) + 0.05 * torch.randn(n, 1), y


def log_density(net, x, y):
    """log p(y|x) of a mixture, (n,); outputs: logits, means, log-scales, K each."""
    logit, mean, log_scale = net(x).chunk(3, 1)
    normal = -0.5 * ((y - mean) / log_scale.exp()) ** 2 - log_scale
    normal = normal - 0.5 * math.log(2 * np.pi)
    return torch.logsumexp(torch.log_softmax(logit, 1) + normal, 1)


torch.manual_seed(3)
(x_turn, y_turn), (x_fresh, y_fresh) = inverse_problem(500), inverse_problem(1000)
heads = {}
for K in (1, 3):
    heads[K] = net = mlp(1, 20, 3 * K)
    with torch.no_grad():  # start with the bumps spread over the range, and narrow
        net[2].bias[K : 2 * K] = torch.linspace(0, 1, K + 2)[1:-1]
        net[2].bias[2 * K :] = -1.5
    minimise(
        net.parameters(), lambda: -log_density(net, x_turn, y_turn).mean(), 600, 0.01
    )

# %% tags=["picture"] mystnb={"image": {"alt": "Points on an S-shaped curve with the predicted density as shading: at middle x the density has three branches, and the mean of a single Gaussian runs between them."}}
gx, gy = torch.meshgrid(
    torch.linspace(0, 1, 90), torch.linspace(-0.1, 1.1, 90), indexing="ij"
)
with torch.no_grad():
    density = log_density(heads[3], gx.reshape(-1, 1), gy.reshape(-1, 1)).exp()
    single = heads[1](gx[:, :1])[:, 1]
plt.contourf(gx, gy, density.reshape(90, 90).sqrt(), 10, cmap="Blues")
plt.plot(x_fresh[:300], y_fresh[:300], ".", ms=3, color="black")
plt.plot(gx[:, 0], single, color=plot.RED, label="mean of a single Gaussian")
plt.xlim(0, 1)
plt.xlabel("$x$")
plt.ylabel("$y$")
plt.legend(loc="upper left")
plt.show()

# %% tags=["checks"]
with torch.no_grad():
    gain = (
        log_density(heads[3], x_fresh, y_fresh)
        - log_density(heads[1], x_fresh, y_fresh)
    ).numpy()
    line = torch.linspace(-3, 4, 7001)[:, None]
    mass = [
        log_density(heads[3], torch.full_like(line, v), line).exp().sum() * 1e-3
        for v in (0.2, 0.5, 0.8)
    ]
verify_at_least(
    "three bumps instead of one: nats gained per fresh point, less four standard errors",
    gain.mean() - 4 * gain.std() / math.sqrt(1000),
    0.3,
)
verify(
    "the mixture's mass over y at three places",
    torch.stack(mass),
    np.ones(3),
    atol=1e-6,
)

# %% [markdown]
r"""
### Ridge functions

(ridge-function)=
One unit is a *ridge function* $f(x)=\sigma(w^\top x+b)$: constant on hyperplanes at right angles to $w$, a stack of pancakes in any dimension. Its level set at height $c$ is the union of the hyperplanes $w^\top x+b=d$ over all $d$ with $\sigma(d)=c$. The linear part chooses the direction, $\sigma$ draws the profile.

(ridge-function-gradient)=
By the chain rule $\nabla f=\sigma'(z)\,w$ with $z=w^\top x+b$, wherever $\sigma$ is differentiable at $z$.

(generalized-linear-and-rectified-units)=
So units are modest generalisations of linear maps: level sets stay hyperplanes. *Rectified* units bend the profile at a face and are linear on either side; *generalised linear* units take a smooth invertible profile such as the sigmoid.

Ridges of many directions add up to things without any direction. The mean of the waves $\cos(w_k^\top x)$ over all unit vectors $w_k$ is Bessel's $J_0(\|x\|)$, a round ripple.
"""


# %% tags=["picture"]
def average_wave(x1, x2, directions):
    angles = np.pi * np.arange(directions) / directions
    return sum(np.cos(np.cos(t) * x1 + np.sin(t) * x2) for t in angles) / directions


def sum_of_ridges(directions):
    g = np.linspace(-12, 12, 90)
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
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
    alt="Contours of a mean of plane waves: stripes for one direction, a lattice for a few, concentric rings for sixteen",
    directions=[1, 2, 3, 4, 6, 8, 16],
)

# %% tags=["checks"]
P = np.random.default_rng(6).uniform(-8, 8, (2, 500))
verify(
    "64 waves: Bessel's J₀ of the distance",
    average_wave(*P, 64),
    j0(np.hypot(*P)),
    atol=1e-10,
)
w, b = torch.tensor([0.8, -1.7]), 0.4
P = torch.randn(200, 2).requires_grad_()
z = (P @ w + b).detach()
slopes = {
    torch.sigmoid: torch.sigmoid(z) * (1 - torch.sigmoid(z)),
    torch.tanh: 1 - torch.tanh(z) ** 2,
    torch.relu: (z > 0).double(),
}
verify(
    "sigmoid, tanh and ReLU ridges at 200 points: the gradient is the slope times w",
    torch.stack([torch.autograd.grad(f(P @ w + b).sum(), P)[0] for f in slopes]),
    torch.stack([slope[:, None] * w for slope in slopes.values()]),
    atol=1e-12,
)

# %% [markdown]
r"""
### Dense classes, and compact sets

(compact-set)=
On a *compact* set a continuous function attains its maximum, so one can speak of *the* largest error. In $\mathbb R^d$ compact means closed and bounded (Heine and Borel). In infinite dimensions that is not enough: the unit vectors $e_1,e_2,\dots$ of the square-summable sequences are bounded, any two of them $\sqrt2$ apart, and no subsequence converges.

(dense-function-class)=
:::{prf:definition} Dense in the continuous functions
:label: def-bp-dense
A class $\mathcal H\subset C(\mathbb R^d)$ is *dense* if for every $f\in C(\mathbb R^d)$, every compact $K$ and every $\epsilon>0$ some $h\in\mathcal H$ has $\max_{x\in K}|f(x)-h(x)|<\epsilon$.
:::

Polynomials are dense (Weierstrass), affine functions are not. The largest error on $[-1,1]$ for $f(x)=|x-0.3|+\sin3x$:
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Largest error against size, double logarithmic: ReLU networks and polynomials fall steadily, the best affine function is a horizontal line."}}
bent = lambda x: abs(x - 0.3) + np.sin(3 * x)
xx, amounts = np.linspace(-1, 1, 4001), np.array([4, 8, 16, 32, 64, 128])
by_relu = [
    abs(bent(xx) - one_hidden_layer(xx, *pieces(bent, np.linspace(-1, 1, q + 1)))).max()
    for q in amounts
]
by_poly = [
    abs(bent(xx) - np.polynomial.Chebyshev.interpolate(bent, q)(xx)).max()
    for q in amounts
]
ones = xx**0
best_affine = optimize.linprog(
    [0, 0, 1],
    np.r_[np.c_[xx, ones, -ones], np.c_[-xx, -ones, -ones]],
    np.r_[bent(xx), -bent(xx)],
    bounds=(None, None),
).fun
plt.loglog(amounts, by_relu, "o-", color=plot.BLUE, label="rectified units")
plt.loglog(amounts, by_poly, "o-", color=plot.RED, label="degree of the polynomial")
plt.axhline(best_affine, color=plot.GREY, ls=":", label="best affine function")
plt.xlabel("size")
plt.ylabel("largest error on [−1, 1]")
plt.legend()
plt.show()

# %% tags=["checks"]
verify_at_most(
    "both classes at size 128: error over that of the best affine function",
    np.array([by_relu[-1], by_poly[-1]]) / best_affine,
    np.full(2, 0.02),
)

# %% [markdown]
r"""
(polynomial-activations-not-universal)=
### Polynomial bends are not universal

With a polynomial of degree $k$ for $\sigma$, every unit is a polynomial of degree $k$ in $x$, and so is every sum of them, at any width. A thousand squaring units span three functions, $1,x,x^2$.
"""

# %% tags=["checks"]
goal = np.sin(2 * np.pi * short)
parabola = np.polyval(np.polyfit(short, goal, 2), short)
best_fits = []
for width in (10, 1000):
    w, b = np.random.default_rng(7).normal(size=(2, width))
    Phi = np.c_[(np.outer(short, w) + b) ** 2, np.ones(400)]
    best_fits.append(Phi @ np.linalg.lstsq(Phi, goal, rcond=None)[0])
verify(
    "ten and a thousand squaring units: the best fit is the best parabola",
    best_fits,
    [parabola] * 2,
    atol=1e-8,
)

# %% [markdown]
r"""
(universality-is-not-learnability)=
### What universality does not say

How large $q$ must be; how to find the weights; whether the result is right between the points. A fast wave shows the gap between *exists* and *is found*: eighty sigmoid units can follow $\sin40x$ on $[-1,1]$ (draw inner weights of the right size at random, solve for the outer ones by least squares). Trained from three usual starts, at three rates, they stay near ½, which is what predicting zero costs. Started with inner weights of the right size, the same training finds most of the wave. So the weights were there and the method was able; what was lacking, within these steps, was a start that knows how fast the wave is. And what fits every training label need not know anything: eighty random units fit twenty *random* labels exactly.
"""

# %% tags=["checks"]
fast, found = np.sin(40 * short), []


def random_sigmoids(q, seed, scale):
    rng = np.random.default_rng(seed)
    w = rng.normal(0, scale, q)
    return 1 / (1 + np.exp(-(np.outer(short, w) - w * rng.uniform(-1, 1, q))))


def least_squares_error(Phi):
    return np.mean((Phi @ np.linalg.lstsq(Phi, fast, rcond=None)[0] - fast) ** 2)


exists = [least_squares_error(random_sigmoids(80, seed, 60.0)) for seed in range(9)]
points, waves = (torch.tensor(a)[:, None] for a in (short[::4], fast[::4]))
for lr in (1e-3, 1e-2, 1e-1):
    nets = [mlp(1, 80, 1, act=nn.Sigmoid, seed=seed) for seed in range(3)]
    theta = [torch.stack(p).detach() for p in zip(*[n.parameters() for n in nets])]
    theta = [p.mT if p.ndim == 3 else p[:, None] for p in theta]  # (3, in, out)
    sized = 60.0 * torch.randn(3, 1, 80)  # as in random_sigmoids
    offset = -sized * (2 * torch.rand(3, 1, 80) - 1)
    pairs = zip(theta, (sized, offset, *theta[2:]))  # six networks side by side
    W1, b1, W2, b2 = (torch.cat(pair).requires_grad_() for pair in pairs)
    fit = lambda: torch.sigmoid(points * W1 + b1) @ W2 + b2
    errors = lambda: ((fit() - waves) ** 2).mean((1, 2))
    minimise([W1, b1, W2, b2], lambda: errors().sum(), 600, lr)
    found.append(errors().detach().numpy() / np.mean(fast**2))
found = np.array(found)  # (rates, usual and sized starts)
verify_at_most(
    "sin 40x: eighty units that exist, median error of nine draws",
    np.median(exists),
    0.01,
)
verify_at_least(
    "eighty units after training, three rates, three starts: error over that of zero",
    found[:, :3],
    np.full((3, 3), 0.8),
)
verify_at_most(
    "the same from inner weights of the right size: the best rate for each start",
    found[:, 3:].min(0),
    np.full(3, 0.25),
)
hits = []
for seed in range(40):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(40, 3)), rng.choice([-1.0, 1.0], 40)  # random labels
    Phi = 1 / (1 + np.exp(-(3 * X @ rng.normal(size=(3, 80)) + rng.normal(size=80))))
    u = np.linalg.lstsq(Phi[:20], y[:20], rcond=None)[0]
    hits.append(
        [abs(Phi[:20] @ u - y[:20]).max(), np.mean(np.sign(Phi @ u)[20:] == y[20:])]
    )
verify(
    "twenty random labels: largest training error in forty draws",
    max(h for h, _ in hits),
    0.0,
    atol=1e-7,
)
verify_within_se(
    "share right on twenty further labels", np.array([h for _, h in hits]), 0.5
)

# %% [markdown]
r"""
(relu-networks-piecewise-linear)=
### ReLU networks are folded paper

Sums and compositions of continuous piecewise-linear functions are continuous and piecewise linear, so every ReLU network is, at any depth: on each region where the same units are active it *is* one affine map. On a line the converse is [the kink formula](#eq-bp-kinks). In the plane, colour each point by the set of active units; within one colour the Jacobian does not change.
"""

# %% tags=["set-up"]
folded_net = mlp(2, 8, 6, 1, act=nn.ReLU, seed=3)
side = torch.linspace(-3, 3, 120)
plane = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
with torch.no_grad():
    first_layer = folded_net[0](plane)
    second_layer = folded_net[2](F.relu(first_layer))
active = torch.cat([first_layer > 0, second_layer > 0], 1)  # (14400, 14)
region = torch.unique(active, dim=0, return_inverse=True)[1]

# %% tags=["picture"] mystnb={"image": {"alt": "The plane divided into polygons by a two-layer ReLU network: straight cuts by the first layer, bent cuts by the second, each polygon in a colour of its own."}}
shuffled = np.random.default_rng(0).permutation(int(region.max()) + 1)[region]
plt.figure(figsize=(6.8, 3.2))
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

# %% tags=["checks"]
at = plane.clone().requires_grad_()
(J,) = torch.autograd.grad(folded_net(at).sum(), at)
_, first_of = np.unique(region, return_index=True)
verify("one Jacobian for each activation pattern", J, J[first_of[region]], atol=1e-12)
rng = np.random.default_rng(8)
W1, b1, u = rng.normal(size=(3, 12))
g = np.linspace(-6, 6, 20_001)
bends = abs(np.diff(np.maximum(np.outer(g, W1) + b1, 0) @ u, 2)) > 1e-9
verify(
    "twelve units on a line: kinks seen, and places −b/w in the window",
    int(np.sum(bends[1:] & ~bends[:-1]) + bends[0]),
    int(np.sum(abs(b1 / W1) < 6)),
)

# %% [markdown]
r"""
(relu-region-counting)=
### How many pieces does one layer make?

$m$ units draw $m$ hyperplanes in $\mathbb R^n$. Add the last one: it is itself cut by the others into cells of one dimension less, and each of those splits an old cell in two. So $R(m,n)=R(m-1,n)+R(m-1,n-1)$, Pascal's rule summed:

$$
R(m,n)=\sum_{i=0}^{\min(m,n)}\binom mi ,
$$ (eq-bp-cells)

attained when any $k\le n$ of them meet in dimension $n-k$ and no $n+1$ in a point {cite:p}`zaslavsky1975`. We ask a linear program, for each of the $2^m$ activation patterns, whether any point has it.

**Several layers** fold. {cite:t}`montufar2014`: with $n$ inputs $L-1$ layers of width $m$ fold every coordinate $\lfloor m/n\rfloor$ times, and the last one cuts, so some networks have at least

$$
\Bigl\lfloor\frac mn\Bigr\rfloor^{n(L-1)}\sum_{i=0}^n\binom mi
$$ (eq-bp-montufar)

linear pieces: exponential in the depth, where one layer has polynomially many.
"""


# %% tags=["set-up"]
def cells(W, b):
    """How many sign patterns of Wx + b occur, by one linear program for each."""
    (m, n), count = W.shape, 0
    for signs in itertools.product((-1, 1), repeat=m):
        s = np.array(signs)[:, None]  # largest t with s (Wx + b) >= t, t <= 1
        lp = optimize.linprog(
            np.r_[np.zeros(n), -1],
            np.c_[-s * W, np.ones(m)],
            s[:, 0] * b,
            bounds=[(None, None)] * n + [(None, 1)],
        )
        count += bool(lp.x[-1] > 1e-7)
    return count


# %% tags=["picture"]
def cut(m):
    rng = np.random.default_rng(1)
    angle, offset = rng.uniform(0, np.pi, 12)[:m], rng.uniform(-1.5, 1.5, 12)[:m]
    g = np.linspace(-4, 4, 240)
    above = np.cos(angle) * g[None, :, None] + np.sin(angle) * g[:, None, None] > offset
    code = np.unique(above @ (2.0 ** np.arange(m)), return_inverse=True)[1]
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    look = dict(origin="lower", extent=(-4, 4, -4, 4), cmap="tab20", vmin=0, vmax=20)
    ax.imshow(code.reshape(240, 240) * 7 % 20, interpolation="nearest", **look)
    ax.grid(False)
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    ax.set_title(f"lines: {m}, cells in the whole plane: {1 + m + m * (m - 1) // 2}")
    return fig


explore(
    cut,
    alt="The plane cut by m lines, each cell in its own colour; the number of cells grows with the square of m",
    m=[1, 2, 3, 5, 8, 12],
)

# %% tags=["checks"]
rng, few = np.random.default_rng(9), [(3, 1), (3, 2), (5, 1), (5, 2), (5, 3)]
verify(
    "3 and 5 random hyperplanes in 1, 2, 3 dimensions: cells by linear programs",
    [cells(rng.normal(size=s), rng.normal(size=s[0])) for s in few],
    [sum(math.comb(m, i) for i in range(min(m, n) + 1)) for m, n in few],
)
W, b = rng.normal(size=(4, 2)), rng.normal(size=4)
verify(
    "four lines not in general position: through one point 2 · 4, parallel 4 + 1",
    [cells(W, np.zeros(4)), cells(np.outer(np.ones(4), W[0]), b)],
    [2 * 4, 4 + 1],
)
grid = (np.arange(512) + 0.5) / 512
fx, fy = np.meshgrid(tent(grid), tent(grid))  # four units fold the square in four
lines = np.array([[1, 0.3], [0.4, -1], [0.9, 1.0], [-1, 0.8]])
offsets = [0.6, -0.3, 0.9, 0.05]
quarter = 2 * (grid[:, None] > 0.5) + (grid[None] > 0.5)
pattern_at = lambda x, y: (np.stack([x, y], -1) @ lines.T > offsets) @ 2 ** np.arange(4)
flat_cells = len(np.unique(pattern_at(*np.meshgrid(grid, grid))))
verify(
    "the square folded in four, then four lines: cells, against those on one sheet",
    len(np.unique(pattern_at(fx, fy) + 16 * quarter)),
    4 * flat_cells,
)

# %% [markdown]
r"""
### Maxima of affine functions

(hinge-function)=
Glue two hyperplanes along their intersection, $g(x)=\max(w_1^\top x+b_1,\,w_2^\top x+b_2)$: a *hinge*, with the face $(w_1-w_2)^\top x+(b_1-b_2)=0$. A maximum of $k$ affine functions is a *$k$-hinge*, convex and piecewise linear. Since $\max(u,v)=v+(u-v)_+$, a hinge is an affine function and one ReLU.

(maxout)=
A *maxout* unit is a $k$-hinge with learned pieces {cite:p}`goodfellow2013`: an activation that is itself learned. ReLU is maxout with one piece zero, $|x|$ with pieces $x,-x$. How well can $k$ pieces follow $x^2$ on $[-1,1]$? With tangents at equal distances $2/k$ the error is largest where two neighbours cross, half-way, and there it is the square of half the distance, $1/k^2$.

(hinging-hyperplanes-theorem)=
:::{prf:theorem} Hinging hyperplanes
:label: thm-bp-hinges
Every continuous piecewise-linear $f:\mathbb R^n\to\mathbb R$ is a signed sum of hinges, exactly: $f=\sum_i\theta_ig_i$ with $\theta_i=\pm1$ and $k_i$-hinges $g_i$, $k_i\le n+1$ {cite:p}`wang2005`.
:::

Hinges were proposed by {cite:t}`breiman1993`. A maximum of $k$ numbers takes $\lceil\log_2k\rceil$ rounds of pairwise maxima, so ReLU networks with $\lceil\log_2(n+1)\rceil$ hidden *layers* represent all these functions {cite:p}`arora2018`. The bound on $k$ cannot be a logarithm: for $n=1$ that would leave $k=1$, affine functions, none of which comes closer to $|x|$ on $[-1,1]$ than ½.

(wang-difference-theorem)=
Group the hinges by their sign, and every continuous piecewise-linear function is a *difference of two convex ones* {cite:p}`wang2004`,

$$
f(x)=\max_{(w,b)\in A^+}\{w^\top x+b\}-\max_{(w,b)\in A^-}\{w^\top x+b\}
$$ (eq-bp-wang)

with finite $A^\pm$: two maxout units and a subtraction represent all of them exactly, and approximate all other continuous functions.
"""

# %% tags=["checks"]
grid = np.linspace(-1, 1, 6401)
for_square = []
for k in (4, 8, 16):
    touch = -1 + (2 * np.arange(k) + 1) / k
    for_square.append(
        (grid**2 - np.max(2 * np.outer(grid, touch) - touch**2, axis=1)).max()
    )
verify(
    "x² by 4, 8 and 16 tangents: largest error 1/k²",
    for_square,
    1 / np.array([4.0, 8, 16]) ** 2,
    atol=1e-6,
)
# One ReLU layer makes two pairwise maxima, the next their maximum.
pair = np.array([[1, -1], [0, 1], [0, -1]])  # (u, v) to u − v, v, −v
A1 = np.kron(np.eye(2), pair)  # (6, 4)
back = np.kron(np.eye(2), [[1, 1, -1]])  # both maxima, (2, 6)
V, ramp = np.random.default_rng(11).normal(size=(500, 4)), lambda z: np.maximum(z, 0)
verify(
    "maximum of four numbers by two ReLU layers",
    ramp(ramp(V @ A1.T) @ (pair @ back).T) @ [1, 1, -1],
    V.max(1),
    atol=1e-12,
)
few = np.linspace(-1, 1, 201)
lp = optimize.linprog(
    [0, 0, 1],
    np.r_[np.c_[few, few**0, -(few**0)], np.c_[-few, -(few**0), -(few**0)]],
    np.r_[abs(few), -abs(few)],
    bounds=(None, None),
)
verify("|x| by one affine piece: the smallest largest error", lp.fun, 0.5, atol=1e-9)
knots = np.linspace(-2, 2, 14)  # 12 kinks
c, s0, t, delta = pieces(lambda x: np.cos(3 * x), knots)


def as_maximum(c, s, jumps):
    """Affine pieces (slopes, offsets) of a convex function with these upward jumps."""
    return s + np.r_[0, np.cumsum(jumps)], c - np.r_[0, np.cumsum(jumps * t)]


fine = np.linspace(-2, 2, 1000)
convex = [
    np.max(np.outer(fine, a) + d, axis=1)
    for a, d in (as_maximum(c, s0, ramp(delta)), as_maximum(0, 0, ramp(-delta)))
]
verify(
    "cos 3x interpolated at 14 points, as a difference of two maxima",
    convex[0] - convex[1],
    np.interp(fine, knots, np.cos(3 * knots)),
    atol=1e-12,
)

# %% [markdown]
r"""
(architecture-design)=
### How wide, how deep?

Theorems say what *can* be represented: a fixed activation suffices at the price of width, depth saves units. They do not say what to take for these data and this budget. For that one tries, on validation data. Six shapes, three seeds, the same twelve epochs on the digits at one learning rate; and, as a control, one layer of each width with three times as many epochs:
"""

# %% tags=["set-up"]
tried = {}
for epochs, width, depth in itertools.product((12, 36), (8, 32, 128), (1, 3)):
    if epochs == 12 or depth == 1:
        hidden = (width,) * depth
        (right,) = side_by_side(hidden, [0.3], range(3), validate, epochs)
        tried[depth, width, epochs] = right
        print(
            f"depth {depth}, width {width:3}, {epochs} epochs:"
            f" {size(mlp(64, *hidden, 10)):6,} weights,"
            f" validation {np.mean(right):.3f} ± {np.std(right, ddof=1):.3f}"
        )

# %% [markdown]
r"""
After twelve epochs width eight looks too narrow, the more so the deeper. The control says that part of this is speed: with more time all one-layer networks gain, the narrow one most, and what is left between the widths is one or two points. Among the other four shapes the differences at twelve epochs are of the size of the spread between seeds. That is an experiment about these digits, one budget and one rate, and no theorem.
"""

# %% tags=["checks"]
middle = {shape: np.mean(right) for shape, right in tried.items()}
verify_at_least(
    "width 32 minus width 8 after twelve epochs, depth 1 and 3",
    np.array([middle[k, 32, 12] - middle[k, 8, 12] for k in (1, 3)]),
    np.zeros(2),
)
verify_at_least(
    "one layer, three times the epochs: what width 8, 32 and 128 gain",
    np.array([middle[1, w, 36] - middle[1, w, 12] for w in (8, 32, 128)]),
    np.zeros(3),
)
verify_at_most(
    "one layer: what widths 32 and 128 lead by after 36 epochs, over that after 12",
    np.array(
        [
            (middle[1, w, 36] - middle[1, 8, 36])
            / (middle[1, w, 12] - middle[1, 8, 12])
            for w in (32, 128)
        ]
    ),
    np.full(2, 0.9),
)

# %% [markdown]
r"""
(training-an-mlp)=
### The loss of a network is not convex

Training minimises $\ell(\theta)=\sum_i\|y_i-g_\theta(x_i)\|^2$, or another loss, over the pairs. It is convex in special cases: one affine layer with the squared error, one sigmoid layer with the logistic loss. In general it is not, because units can be permuted (and, with ReLU, rescaled: $u\,(wx)_+=\frac uc(cwx)_+$), so that minima come in copies. Halfway between two copies that differ by an exchange of two units, these two are equal and the network is a smaller one.
"""

# %% tags=["checks"]
rng = np.random.default_rng(12)
A = rng.normal(size=(30, 2))
theta = [
    (3 * rng.normal(size=(4, 2)), rng.normal(size=4)),
    (rng.normal(size=(1, 4)), rng.normal(size=1)),
]
goal = forward(A, theta)[-1][:, 0]  # a target that this very network meets
order = [1, 0, 2, 3]
swapped = [
    (theta[0][0][order], theta[0][1][order]),
    (theta[1][0][:, order], theta[1][1]),
]
halfway = [tuple((a + b) / 2 for a, b in zip(p, q)) for p, q in zip(theta, swapped)]
loss_at = lambda theta: np.sum((forward(A, theta)[-1][:, 0] - goal) ** 2)
verify(
    "two hidden units exchanged: the loss of a perfect network",
    loss_at(swapped),
    0.0,
    atol=1e-12,
)
verify_at_least(
    "halfway between the two: loss over the variance of the targets",
    loss_at(halfway) / np.var(goal) / 30,
    0.01,
)
sides = np.sign(goal)
logistic_of = lambda w: np.logaddexp(0, -sides * (A @ w)).sum()
chords = []
for _ in range(2000):
    (a, b), s = rng.normal(scale=3, size=(2, 2)), rng.uniform()
    chords.append(
        s * logistic_of(a) + (1 - s) * logistic_of(b) - logistic_of(s * a + (1 - s) * b)
    )
verify_at_least(
    "one sigmoid layer: the smallest gap of 2,000 chords", min(chords), 0.0, atol=1e-9
)

# %% [markdown]
r"""
(mlp-loss-landscape-remarks)=
### Where one ends up, and what happens at a kink

The start decides which stationary point is reached. Two rectified units *can* [solve XOR](#eq-bp-xor); of a hundred random starts less than a third do; the others stop at positive losses. From all weights zero (with tanh or rectified units) the first layer never moves: no signal comes through weights that are zero.

With ReLU the loss is not differentiable everywhere, and at a kink software returns a *convention*: 0 for ReLU, 0 for $|x|$ (whose one-sided slopes are $\pm1$), one half for each of two equal arguments of a maximum, and 0 for $(x)_+-(-x)_+$, although that function is $x$ and its derivative 1. It need not be a one-sided slope, nor a subgradient.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Histogram of the final losses of one hundred XOR networks with two ReLU units: clusters at zero and at a few higher values."}}
xor_ends_relu = train_xor(100, 2, torch.relu, 600)
plt.figure(figsize=(6.8, 2.4))
plt.hist(xor_ends_relu, bins=np.linspace(0, 0.3, 31), color=plot.BLUE)
plt.xlabel("final mean squared error")
plt.ylabel("starts")
plt.show()

# %% tags=["checks"]
solved = xor_ends_relu < 1e-3
verify_at_least(
    "XOR with two rectified units, 100 starts: those that solve it, and those that do not",
    np.array([solved.sum(), (~solved).sum()]),
    np.full(2, 10),
)
verify_at_most("the share that solves it", solved.mean(), 1 / 3)
zero = mlp(2, 2, 1)
for w in zero.parameters():
    nn.init.zeros_(w)
F.mse_loss(zero(torch.tensor([[0.0, 1.0]])), torch.ones(1, 1)).backward()
verify(
    "all weights zero: the signals of both layers' weights",
    torch.cat([zero[k].weight.grad.ravel() for k in (0, 2)]),
    np.zeros(6),
    atol=0,
)
x, two = torch.tensor(0.0, requires_grad=True), torch.ones(2, requires_grad=True)
slope_at_0 = lambda f: torch.autograd.grad(f(x), x)[0].item()
verify(
    "torch at 0: ReLU, |x|, and relu(x) − relu(−x), whose true slope is 1",
    [
        slope_at_0(f)
        for f in (torch.relu, torch.abs, lambda x: torch.relu(x) - torch.relu(-x))
    ],
    [0.0, 0.0, 0.0],
    atol=0,
)
verify(
    "a maximum of two equal numbers: each gets",
    torch.autograd.grad(torch.maximum(*two), two)[0],
    [0.5, 0.5],
)

# %% [markdown]
r"""
(expression-swell)=
### Why formulas explode

Take $f_0=x$, $f_{k+1}=f_k\sin f_k$. As a program it grows by two operations a level. Written out as a formula it doubles at every level, $2^{k+1}-2$ operations, since $f_k$ is mentioned twice. The derivative written out is longer than that formula only by a factor proportional to the number of levels: it is not differentiation that explodes, it is the loss of *sharing*. With named intermediate results both stay small.
"""

# %% tags=["checks"]
v = sp.Symbol("v", real=True)
formula, written = v, []
for _ in range(6):
    formula = formula * sp.sin(formula)
    written.append([int(formula.count_ops()), int(sp.diff(formula, v).count_ops())])
written = np.array(written)
verify(
    "the formula written out, six levels",
    written[:, 0],
    [2 ** (k + 1) - 2 for k in range(1, 7)],
)
verify_at_most(
    "its derivative over it: at most three operations more a level",
    written[:, 1] / written[:, 0],
    3.0 * np.arange(1, 7),
)
x, y = torch.tensor(0.8, requires_grad=True), Value(0.8)
made, own = x, y
for _ in range(6):
    made = made * torch.sin(made)
    own = own * Value(math.sin(own.data), (own, math.cos(own.data)))
made.backward(), backward(own)
verify(
    "the program's slope by our scalar engine, and torch's",
    y.grad,
    x.grad.item(),
    rtol=1e-12,
)

# %% [markdown]
r"""
### Vectors by vectors

(jacobian-layout-conventions)=
**Rows or columns?** In *numerator layout* $\bigl(\frac{\partial f}{\partial x}\bigr)_{ij}=\frac{\partial f_i}{\partial x_j}$ has shape $(m,n)$ and the gradient of a scalar is a row. In *denominator layout* it is the transpose; gradients are columns, and the factors of the chain rule stand in reverse order. This book's Jacobians are in numerator layout; its gradients have the shape of what they are taken by. Either is fine; mixing them is where transposes go wrong.

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

(scalar-by-vector-product-and-chain-rules)=
For *scalar* functions the gradient as a column is the natural one:

| scalar function of $x$ | gradient |
|---|---|
| $u\,v$ | $u\,\nabla v+v\,\nabla u$ |
| $u(v(x))$ | $u'(v)\,\nabla v$ |
| $f^\top g$ | $J_f^\top g+J_g^\top f$ |
| $f^\top Ag$ | $J_f^\top Ag+J_g^\top A^\top f$ |
| $\lVert f\rVert^2$ | $2J_f^\top f$ |
"""

# %% tags=["checks"]
torch.manual_seed(6)
A, A2, a, x = torch.randn(2, 3), torch.randn(3, 2), torch.randn(3), torch.randn(3)
F3, u = mlp(3, 5, 3, seed=1), mlp(3, 5, 1, seed=3)
Jf, Ju = jac(F3)(x), jac(u)(x)
vector_table = [  # function, its derivative in numerator and in denominator layout
    (lambda x: x, torch.eye(3), torch.eye(3)),
    (lambda x: A @ x, A, A.T),
    (lambda x: x @ A2, A2.T, A2),
    (lambda x: x * a, torch.diag(a), torch.diag(a)),
    (lambda x: 0.7 * F3(x), 0.7 * Jf, 0.7 * Jf.T),
    (lambda x: A @ F3(x), A @ Jf, Jf.T @ A.T),
    (
        lambda x: u(x) * F3(x),
        u(x) * Jf + F3(x)[:, None] @ Ju,
        u(x) * Jf.T + Ju.T @ F3(x)[None],
    ),
]


def columns_by_differences(f, x, h=1e-5):
    steps = h * torch.eye(len(x))
    return torch.stack([(f(x + e) - f(x - e)) / (2 * h) for e in steps], -1)


numeric = [columns_by_differences(f, x).detach() for f, *_ in vector_table]
verify(
    "the vector table in numerator layout, by differences",
    stack(n for _, n, _ in vector_table),
    stack(numeric),
    atol=1e-8,
)
verify(
    "and in denominator layout",
    stack(d for *_, d in vector_table),
    stack(n.T for n in numeric),
    atol=1e-8,
)
f, g, f2 = (mlp(4, 5, k, seed=s) for k, s in ((3, 4), (2, 5), (3, 7)))
v, w, x, M = (
    mlp(4, 5, 1, seed=6),
    mlp(4, 5, 1, seed=8),
    torch.randn(4),
    torch.randn(3, 2),
)
J = {name: jac(h)(x) for name, h in zip("fghvw", (f, g, f2, v, w))}
scalar_table = [
    (lambda x: v(x)[0] * w(x)[0], v(x) * J["w"][0] + w(x) * J["v"][0]),
    (lambda x: torch.sin(v(x)[0]), torch.cos(v(x)) * J["v"][0]),
    (lambda x: f(x) @ f2(x), J["f"].T @ f2(x) + J["h"].T @ f(x)),
    (lambda x: f(x) @ M @ g(x), J["f"].T @ M @ g(x) + J["g"].T @ M.T @ f(x)),
    (lambda x: f(x) @ f(x), 2 * J["f"].T @ f(x)),
]
verify(
    "the scalar table, by differences",
    stack(claimed for _, claimed in scalar_table),
    stack(columns_by_differences(h, x) for h, _ in scalar_table),
    atol=1e-8,
)

# %% [markdown]
r"""
### By matrices

(scalar-by-matrix-derivatives)=
The gradient of a scalar by a matrix has the shape of the matrix: entry $(i,j)$ is the derivative by $X_{ij}$. From $a^\top Xb=\sum_{ij}a_iX_{ij}b_j$ one reads off $a_ib_j$, hence $ab^\top$. With a rectangular $X$ a wrong transpose does not even have the right shape.

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

(vector-by-matrix-derivative)=
A *vector* by a matrix has three indices, $\frac{\partial(Xa)_i}{\partial X_{jk}}=\delta_{ij}a_k$; flattened it is $I\otimes a^\top$, mostly zeros, and contains neither $X$ nor anything but $a$. Nobody stores it: contracted with the signal $e$ that comes from behind it gives $\sum_ie_i\delta_{ij}a_k=e_ja_k$, [the outer product](#eq-bp-weight).

(matrix-function-derivatives)=
For matrices $A(t)$ that depend on one number the product rule keeps the order of the factors:

| function | derivative |
|---|---|
| $A+B$ | $A'+B'$ |
| $ABC$ | $A'BC+AB'C+ABC'$ |
| $A^n$ | $\sum_{k=0}^{n-1}A^kA'A^{n-1-k}$ |
| $A^{-1}$ | $-A^{-1}A'A^{-1}$ |
| $\det A$ | $\operatorname{tr}(\operatorname{adj}(A)\,A')=\det(A)\operatorname{tr}(A^{-1}A')$ |
| $\log\det A$ | $\operatorname{tr}(A^{-1}A')$, that is, $\nabla_A\log\det A=A^{-\top}$ |

The fourth follows from differentiating $AA^{-1}=I$. The fifth is Jacobi's: expanding along a row shows $\partial\det A/\partial A_{ij}=\operatorname{adj}(A)_{ji}$.
"""

# %% tags=["checks"]
torch.manual_seed(7)
X, a3, b3, a4, b4 = torch.randn(3, 4), *torch.randn(2, 3), *torch.randn(2, 4)
A, B, C, D = torch.randn(2, 3), torch.randn(4, 2), torch.randn(2, 4), torch.randn(3, 2)
B43, S = torch.randn(4, 3), torch.randn(3, 3)
outer = torch.outer
matrix_table = [
    (lambda X: a3 @ X @ b4, outer(a3, b4)),
    (lambda X: a4 @ X.T @ b3, outer(b3, a4)),
    (lambda X: a4 @ X.T @ X @ b4, X @ (outer(a4, b4) + outer(b4, a4))),
    (lambda X: (A @ X @ B).trace(), A.T @ B.T),
    (lambda X: (C @ X.T @ D).trace(), D @ C),
    (lambda X: (X @ B43).trace(), B43.T),
    (lambda X: (X @ X.T).trace(), 2 * X),
]
verify(
    "the matrix table: seven gradients at a 3×4 matrix",
    torch.stack([torch.func.grad(h)(X) for h, _ in matrix_table]),
    torch.stack([claimed for _, claimed in matrix_table]),
    atol=1e-10,
)
T = jac(lambda X: X @ a4)(X)  # (3, 3, 4)
verify(
    "∂(Xa)/∂X flattened: I ⊗ aᵀ",
    T.reshape(3, 12),
    torch.kron(torch.eye(3), a4[None]),
    atol=1e-12,
)
A0, A1, B0, B1 = torch.randn(4, 4, 4)
At, Bt, inv = lambda t: A0 + t * A1, lambda t: B0 + t * B1, torch.linalg.inv
power_of = torch.linalg.matrix_power
minor = lambda j, i: np.linalg.det(np.delete(np.delete(A0.numpy(), j, 0), i, 1))
adjugate = torch.tensor(
    [[(-1) ** (i + j) * minor(j, i) for j in range(4)] for i in range(4)]
)
rules = [
    (lambda t: At(t) + Bt(t), A1 + B1),
    (lambda t: At(t) @ Bt(t) @ At(t), A1 @ B0 @ A0 + A0 @ B1 @ A0 + A0 @ B0 @ A1),
    (
        lambda t: power_of(At(t), 4),
        sum(power_of(A0, k) @ A1 @ power_of(A0, 3 - k) for k in range(4)),
    ),
    (lambda t: inv(At(t)), -inv(A0) @ A1 @ inv(A0)),
    (lambda t: torch.linalg.det(At(t)), (adjugate @ A1).trace()),
    (lambda t: torch.linalg.det(At(t)), torch.linalg.det(A0) * (inv(A0) @ A1).trace()),
    (lambda t: torch.linalg.slogdet(At(t))[1], (inv(A0) @ A1).trace()),
]
verify(
    "matrix functions of t: the rules against central differences",
    stack(claimed for _, claimed in rules),
    stack((f(1e-5) - f(-1e-5)) / 2e-5 for f, _ in rules),
    atol=1e-6,
    rtol=1e-6,
)

# %% [markdown]
r"""
### With more indices

(tensor-contraction)=
Matrix by matrix has four indices, and so on. One operation keeps order, the *contraction*: for $P$ with axes $(r_1,\dots,r_a,s_1,\dots,s_b)$ and $Q$ with axes $(s_1,\dots,s_b,t_1,\dots,t_c)$,

$$
T_{i,k}=\sum_{j_1,\dots,j_b}P_{i,j}\,Q_{j,k}\qquad(i,j,k\text{ multi-indices}),
$$ (eq-bp-contraction)

nothing but a matrix product after each group of axes is flattened into one.

(tensor-chain-rule)=
With it the chain rule reads as ever. For $Y(W)\in\mathbb R^{d_3\times d_4}$ and a scalar $L(Y)$, contract over both indices of $Y$:

$$
\frac{\partial L}{\partial W}=\frac{\partial L}{\partial Y}\times_{d_3,d_4}\frac{\partial Y}{\partial W},\qquad\Bigl(\frac{\partial Y}{\partial W}\Bigr)_{ijkl}=\frac{\partial Y_{ij}}{\partial W_{kl}} .
$$ (eq-bp-tensor-chain)

For $Y=WX$, $\frac{\partial Y_{ij}}{\partial W_{kl}}=\delta_{ik}X_{lj}$, and contracting with $\bar Y$ gives $\sum_{ij}\bar Y_{ij}\delta_{ik}X_{lj}=\sum_j\bar Y_{kj}X_{lj}=(\bar YX^\top)_{kl}$: the rule of a matrix product, without any tensor of four indices. The other factor gets $W^\top\bar Y$.
"""

# %% tags=["checks"]
rng = np.random.default_rng(19)
P, Q = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(4, 5, 6))
by_sum = [
    [[(P[i, j] * Q[:, :, k]).sum() for k in range(6)] for j in range(3)]
    for i in range(2)
]
verify(
    "contraction by flattening, against the sum itself",
    (P.reshape(6, 20) @ Q.reshape(20, 6)).reshape(2, 3, 6),
    by_sum,
    atol=1e-12,
)
W, X = torch.randn(3, 4), torch.randn(4, 5)
Y_bar, dYdW = torch.cos(W @ X), jac(lambda W: W @ X)(W)  # (3, 5) and (3, 5, 3, 4)
verify(
    "L = Σ sin(WX): the tensor of four indices contracted, and ȲXᵀ",
    torch.stack([torch.tensordot(Y_bar, dYdW, dims=2), Y_bar @ X.T]),
    torch.stack([torch.func.grad(lambda W: torch.sin(W @ X).sum())(W)] * 2),
    atol=1e-10,
)
verify(
    "the other factor: WᵀȲ",
    W.T @ Y_bar,
    torch.func.grad(lambda X: torch.sin(W @ X).sum())(X),
    atol=1e-10,
)
