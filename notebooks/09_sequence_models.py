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
(sequence-models-chapter)=
# Sequence models

You are read a list of 20 numbers between 0 and 1. Twice, once in each half, a bell rings. At the end you are asked for the sum of the two numbers at which it rang. A child can do it: keep what the bell marks, let the rest pass. Three kinds of small network read the same list, one number at a time: tanh, ReLU and LSTM, each from two starts. Which of them can learn it?
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
import itertools
import math
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
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
torch.set_default_dtype(torch.float64)
torch.manual_seed(0)  # for the library layers that are drawn below


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def jacobian(f, x):  # ∂f_i/∂x_j, of shape (*f's, *x's)
    return torch.autograd.functional.jacobian(f, x)


def sigma(a):  # the logistic function, for numbers, arrays and tensors
    return 1 / (1 + (np.exp if isinstance(a, np.ndarray) else torch.exp)(-a))


# %% tags=["set-up"]
# Many small networks at once: every tensor has an axis of networks ("groups").
def fresh(cell, keeps, groups, m, seed, T=20):
    """Start weights: U (groups, 2, km), W (groups, m, km), b; read-out V and c."""
    g, k = seeded(seed), 4 if cell in ("lstm", "gru") else 1
    near0 = lambda *shape: (2 * torch.rand(*shape, generator=g) - 1) / math.sqrt(m)
    P = {
        "U": near0(groups, 2, k * m),
        "W": near0(groups, m, k * m),
        "b": near0(groups, 1, k * m) + near0(groups, 1, k * m),
        "V": near0(groups, m, 1),
        "c": near0(groups, 1, 1),
    }
    if cell == "gru":  # blocks r, z, candidate from x, candidate from h
        P["W"][..., 2 * m : 3 * m], P["U"][..., 3 * m :] = 0.0, 0.0
        P["b"][..., 2 * m :] = near0(groups, 1, 2 * m)
    if keeps and cell == "lstm":  # blocks i, f, g, o
        b = torch.log(1 + torch.rand(groups, 1, m, generator=g) * (T - 2))
        P["b"][..., :m], P["b"][..., m : 2 * m] = -b, b
    elif keeps:
        P["W"][:], P["b"][:] = torch.eye(m), 0.0
    return {name: p.float() for name, p in P.items()}


def unrolled(cell, P, x, start=None):
    """States with the inputs and a 1 beside them, gates, cells and tanh of cells.

    The LSTM's blocks are torch's, i, f, c̃, o; as tanh(a) = 2σ(2a) − 1, all are sigmoids.
    """
    (T, groups, batch, d), m = x.shape, P["W"].shape[1]
    W = torch.cat([P["W"], P["U"], P["b"]], 1)
    if cell == "lstm":
        W[..., 2 * m : 3 * m] *= 2
    A = W.new_empty(T, groups, batch, W.shape[2])
    H = W.new_zeros(T + 1, groups, batch, m + d + 1)
    H[:-1, ..., m : m + d], H[..., m + d] = x, 1.0
    C, tanh_C = W.new_zeros(2, T + 1, groups, batch, m)
    if start is not None:
        H[0, ..., :m], C[0] = start
    hs, cs, tanhs = H[..., :m].unbind(), C.unbind(), tanh_C.unbind()  # lists of windows
    blocks = zip(*(v.unbind() for v in A.split(m, 3)))
    for t, (seen, a, four) in enumerate(zip(H.unbind(), A.unbind(), blocks)):
        torch.bmm(seen, W, out=a)
        if cell == "tanh":
            torch.tanh(a, out=hs[t + 1])
        elif cell == "relu":
            torch.clamp(a, min=0, out=hs[t + 1])
        elif cell == "gru":  # torch's: z keeps; the candidate stands in C
            a[..., : 2 * m].sigmoid_()
            r, z, from_x, from_h = four
            new = torch.addcmul(from_x, r, from_h, out=cs[t + 1]).tanh_()
            torch.lerp(new, hs[t], z, out=hs[t + 1])
        else:
            a.sigmoid_()
            i, f, s, o = four
            c = torch.mul(f, cs[t], out=cs[t + 1]).addcmul_(i, s, value=2).sub_(i)
            torch.mul(o, torch.tanh(c, out=tanhs[t + 1]), out=hs[t + 1])
    return H, A, C, tanh_C


def forward(cell, P, x):
    """x (T, groups, batch, 2) to states (T + 1, ...), gates and cells."""
    H, A, C, _ = unrolled(cell, P, x)
    return H[..., :-3], A, C


def rolled_back(cell, W, trace, at_end, at_steps=None):
    """From gradients in the states to those in the a_t, and in the start (h, c)."""
    H, A, C, tanh_C = trace  # (T, groups, batch, m)
    T, m = len(A), W.shape[1]
    h, dh, dc, dA, W = H[1:, ..., :m], *at_end, torch.empty_like(A), W.mT.contiguous()
    if cell == "lstm":
        i, f, s, o = A.split(m, 3)
        to_c = torch.addcmul(o, h, tanh_C[1:], value=-1)
        slopes = torch.addcmul(A, A, A, value=-1).unflatten(3, (4, m))  # σ' = σ − σ²
        for k, v in enumerate((2 * s - 1, C[:-1], 4 * i, tanh_C[1:])):
            slopes[..., k, :].mul_(v)
        both = slopes, dA.unflatten(3, (4, m))
        windows = to_c, f, *(v[..., k, :] for k in (slice(3), 3) for v in both)
    elif cell == "gru":
        (r, z, _, from_h), new = A.split(m, 3), C[1:]
        bent = (1 - z) * (1 - new**2)
        to_z = (H[:-1, ..., :m] - new) * z * (1 - z)
        slopes = torch.stack([bent * from_h * r * (1 - r), to_z, bent, bent * r], 3)
        windows = z, slopes, dA.unflatten(3, (4, m))
    else:
        windows = (1 - h**2 if cell == "tanh" else (h > 0).to(h),)
    lists = list(zip(dA.unbind(), *(v.unbind() for v in windows)))
    for t in reversed(range(T)):
        if at_steps is not None:
            dh += at_steps[t]
        a, *now = lists[t]
        if cell == "lstm":
            to_c, f, slope, three, slope_o, last = now
            dc.addcmul_(dh, to_c)
            torch.mul(dh, slope_o, out=last)
            torch.mul(dc[:, :, None], slope, out=three)
            dc.mul_(f)
        elif cell == "gru":
            z, slope, four = now
            torch.mul(slope, dh[:, :, None], out=four)
            dh = torch.baddbmm(dh * z, a, W)
            continue
        else:
            torch.mul(now[0], dh, out=a)
        dh = torch.bmm(a, W)
    return dA, dh, dc


def in_weights(trace, dA, m):  # gradients in W, U and b
    both = torch.einsum("tgbi,tgbj->gij", trace[0][:-1], dA)
    return both.split((m, both.shape[1] - m - 1, 1), 1)


def backward(cell, P, x, out_grad, to_inputs=False):
    """Gradients of sum(out_grad · answers) in the weights, or in the inputs.

    out_grad (groups, batch, 1), or a function of the answers (groups, batch).
    """
    trace, m = unrolled(cell, P, x), P["V"].shape[1]
    h = trace[0][-1, ..., :m]
    if callable(out_grad):
        out_grad = out_grad((h @ P["V"] + P["c"])[..., 0])
    dh = out_grad @ P["V"].mT
    dA, *_ = rolled_back(cell, P["W"], trace, (dh, torch.zeros_like(dh)))
    if to_inputs:
        return dA @ P["U"].mT
    d = in_weights(trace, dA, m)
    if cell == "gru":  # these blocks stay zero
        d[0][..., 2 * m : 3 * m], d[1][..., 3 * m :] = 0.0, 0.0
    at_end = h.mT @ out_grad, out_grad.sum(1, keepdim=True)
    return dict(zip("WUbVc", (*d, *at_end), strict=True))


def adam(theta, grad, rates):
    """torch's Adam for many networks, one a row: rows of one rate are a group."""
    found, rows = torch.unique_consecutive(rates, return_counts=True)
    groups = []
    for lr, part, slope in zip(found, *(v.split(rows.tolist()) for v in (theta, grad))):
        part.grad = slope  # a window on grad
        groups.append({"params": [part], "lr": lr.item()})
    return torch.optim.Adam(groups, fused=True)


def answers(cell, P, x):
    return (forward(cell, P, x)[0][-1] @ P["V"] + P["c"])[..., 0]  # (groups, batch)


def adding(T, groups, batch, g, second=(0.5, 1.0)):
    """Numbers and bells (T, groups, batch, 2), and the sums of the two marked numbers.

    The second bell rings between these shares of the list.
    """
    u, bell = torch.rand(T, groups, batch, generator=g), torch.zeros(T, groups, batch)
    for low, high in ((0, T // 2), [int(share * T) for share in second]):
        bell.scatter_(0, torch.randint(low, high, (1, groups, batch), generator=g), 1.0)
    return torch.stack([u, bell], -1).float(), (u * bell).sum(0).float()


RIVALS = {  # cell, does its start keep?
    "tanh": ("tanh", False),
    "tanh, keeping start": ("tanh", True),
    "ReLU": ("relu", False),
    "ReLU, keeping start": ("relu", True),
    "LSTM": ("lstm", False),
    "LSTM, keeping start": ("lstm", True),
}
COLOURS = dict(
    zip(RIVALS, (plot.GREY, plot.GREEN, plot.SKY, plot.BLUE, plot.ORANGE, plot.RED))
)


# %% tags=["remove-cell"]
@exercise.define("sq-counter")
def _(answer):
    W, U = np.array(answer[0], float), np.array(answer[1], float)
    assert W.shape == (2, 2) and U.shape == (2,), "shapes (2, 2) and (2,)"
    h = np.zeros(2)
    for x in (1.0, 5.0, -2.0, 7.0):
        h = W @ h + U * x
    assert np.allclose(h, [7.0, -2.0]), f"after 1, 5, −2, 7 the state is {h}"
    return True


@exercise.define("sq-nilpotent")
def _(answer):
    W = np.array(answer, float)
    assert W.shape == (3, 3), "a 3 × 3 matrix"
    assert np.linalg.norm(W, 2) >= 5, (
        f"its largest singular value is {np.linalg.norm(W, 2):.2f}"
    )
    assert np.abs(W @ W).max() > 1e-9, "two steps back nothing is left already"
    assert np.abs(W @ W @ W).max() < 1e-9, "something survives three steps"
    return True


@exercise.define("sq-half-life")
def _(answer):
    left = (1 / (1 + math.exp(-answer))) ** 100
    assert abs(left - 0.5) < 1e-3, f"after 100 steps {left:.3f} is left"
    return True


@exercise.define("sq-first-number")
def _(answer):
    rows = dict(zip("ifgo", np.asarray(answer, float), strict=True))
    assert all(len(v) == 3 for v in rows.values()), (
        "four rows: weight of u, of the bell, bias"
    )
    for seed in range(20):
        rng = np.random.default_rng(seed)
        u, bell = rng.uniform(0.1, 1, 30), (rng.random(30) < 0.15).astype(float)
        bell[3] = 1.0
        c = 0.0
        for x in zip(u, bell, np.ones(30)):
            i, f, o = (1 / (1 + np.exp(-(rows[k] @ x))) for k in "ifo")
            c = f * c + i * np.tanh(rows["g"] @ x)
        want = u[np.flatnonzero(bell)[-1]]
        got = 10 * o * np.tanh(c)
        assert abs(got - want) < 0.02, (
            f"with {int(bell.sum())} bells it says {got:.2f} for {want:.2f}"
        )
    return True


@exercise.define("sq-whole-blame")
def _(answer):
    rng = np.random.default_rng(11)
    for _ in range(5):
        x, (w, u, b) = rng.normal(size=3), rng.normal(size=(3, 4))
        W, U, B = (torch.tensor(v, requires_grad=True) for v in (w, u, b))
        h = c = torch.zeros(())
        memories = []
        for v in x:
            i, f, new, o = W * h + U * v + B
            c = sigma(f) * c + sigma(i) * torch.tanh(new)
            h = sigma(o) * torch.tanh(c)
            memories.append(c)
        want = torch.autograd.grad(h, B, retain_graph=True)[0][1].item()
        got = float(answer(x, w, u, b))
        assert abs(got - want) < 1e-9, (
            f"the slope is {want:.5f}, yours {got:.5f}: does the blame of h reach all four gates?"
        )
    return True


@exercise.define("sq-greedy")
def _(answer):
    a, b = (np.asarray(v, float) for v in answer)
    assert a.shape == (2,) and b.shape == (2, 2), (
        "first letter (2,), second given it (2, 2)"
    )
    assert np.allclose(a.sum(), 1) and np.allclose(b.sum(1), 1), "rows sum to one"
    assert min(a.min(), b.min()) >= 0, "probabilities are not negative"
    first = a.argmax()
    greedy, best = a[first] * b[first].max(), (a[:, None] * b).max()
    assert best >= 1.5 * greedy - 1e-9, (
        f"greedy gets {greedy:.2f}, the best string {best:.2f}"
    )
    return True


@exercise.define("sq-bits")
def _(answer):
    assert answer(8, 10, 1) == 30 and answer(26, 10, 1) == 48, (
        "how many bits tell one of V^T strings apart?"
    )
    assert answer(8, 10, 2) == 15, "each number of the state holds `bits` bits"
    return True


@exercise.define("sq-lengths")
def _(answer):
    order, error_at = answer
    assert sorted(order) == [10, 20, 40], "an order of the lengths 10, 20 and 40"
    lists = {T: adding(T, 1, 2000, seeded(63)) for T in (10, 20, 40)}
    off = {
        T: errors("lstm", winners, x.expand(-1, HEARERS, -1, -1), y).median().item()
        for T, (x, y) in lists.items()
    }
    for T, want in off.items():
        got = float(error_at(T))
        assert abs(math.log(got / want)) < math.log(1.5), (
            f"length {T}: their median error is near {want:.4f}, yours {got:.4f}"
        )
    assert list(order) == sorted(off, key=off.get), "measured, the order is another"
    return True


@exercise.define("sq-parity")
def _(answer):
    W, U, b, v = (np.asarray(p, float) for p in answer)
    assert W.shape == (2, 2) and U.shape == b.shape == v.shape == (2,), (
        "W is 2 × 2, U, b and v have two entries"
    )
    for bits in itertools.product((0, 1), repeat=8):
        h = np.zeros(2)
        for x in bits:
            h = (W @ h + U * x + b > 0).astype(float)
        assert v @ h == sum(bits) % 2, f"wrong for {bits}: it says {v @ h:g}"
    return True


@exercise.define("sq-mingru")
def _(answer):
    z, new = (
        torch.rand(2, 9, 3, generator=seeded(1)),
        torch.randn(2, 9, 3, generator=seeded(2)),
    )
    h, want = torch.zeros(2, 3), []
    for t in range(9):
        h = (1 - z[:, t]) * h + z[:, t] * new[:, t]
        want.append(h)
    got = answer(z, new)
    assert got.shape == new.shape, "all states, (batch, T, m)"
    assert torch.allclose(got, torch.stack(want, 1)), "it differs from the loop"
    return True


@exercise.define("sq-beam")
def _(answer):
    a = np.log([0.6, 0.4])
    b = np.log([[0.55, 0.45], [0.1, 0.9]])
    step = lambda s: a if len(s) == 0 else b[s[-1]]
    for T in (2, 4):
        score = lambda s: sum(step(s[:t])[s[t]] for t in range(T))
        best = max(itertools.product((0, 1), repeat=T), key=score)
        assert tuple(answer(step, T, 2)) == best, (
            f"for T = {T} the best string is {best}"
        )
    assert tuple(answer(step, 2, 1)) == (0, 0), (
        "a beam of one is greedy: it finds (0, 0)"
    )
    return True


# %% tags=["picture"] mystnb={"image": {"alt": "Left, a list of twenty numbers as bars, two of them marked by a bell. Right, on a logarithmic axis, how strongly each input moves the answer before any training: for the tanh network and the plain LSTM the influence falls by nearly six and by four orders of magnitude towards the beginning of the list; for the ReLU network with a keeping start it is level, for the LSTM and the tanh network with one it falls by a factor of less than twenty."}}
def reach(cell, keeps, T=20, networks=20):
    """Median over fresh networks of |∂ answer / ∂ u_t|, for each t."""
    P = fresh(cell, keeps, networks, 8, 3)
    x, _ = adding(T, networks, 16, seeded(4))
    inputs = backward(cell, P, x, torch.ones(networks, 16, 1).float(), True)
    return inputs[..., 0].abs().mean(2).median(1).values  # (T,)


reaches = {name: reach(*rival) for name, rival in RIVALS.items()}
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1), width_ratios=(1, 1.15))
heard, target = adding(20, 1, 1, seeded(12))
numbers, bells = heard[:, 0, 0, 0], heard[:, 0, 0, 1] > 0
left.bar(range(1, 21), numbers, color="#C3CCD6", width=0.8)
left.bar(np.arange(1, 21)[bells], numbers[bells], color=plot.RED, width=0.8)
for t in np.flatnonzero(bells):
    left.text(t + 1, numbers[t] + 0.03, "bell", ha="center", fontsize=9, color=plot.RED)
left.set(xlabel="step $t$", ylim=(0, 1.15), title=f"sum asked for: {target.item():.2f}")
for name in (k for k in RIVALS if k != "ReLU"):
    right.semilogy(range(1, 21), reaches[name], color=COLOURS[name], label=name)
right.set(xlabel="step $t$", title="how much $u_t$ moves the answer", ylim=(1e-10, 9))
right.legend(loc="lower right", fontsize=9)
plt.show()

# %% [markdown]
r"""
On the right is a first hint, before any training: how far the answer moves when the number of step $t$ moves. In the textbook's recurrent network (tanh) the beginning of the list has all but vanished. So it has in a famous remedy, the LSTM, *as a library hands it out*.

In three others it has not. One is an LSTM that was only started differently; the other two have no gates at all. (The sixth, the ReLU network from the library's start, waits for the race.) So the question of this chapter is not which cell has the better name, but *what keeps a memory for many steps?*

You will be able to

- **unroll** a recurrent network, send the blame back through time by hand, and **predict** how fast it fades,
- **build** a memory cell from two products and a sum, see why it becomes an LSTM, and **start** it so that it can learn,
- **judge** a claim that one cell is better than another: which start, which budget, how many seeds,
- **train** a network to read English, know what bounds its score from below, and let it write,
- **say** what a decoder gains by looking back, and what our experiment leaves open.

It builds on [the chain rule for Jacobians](#jacobian-chain-rule), [singular values](#singular-value-decomposition) and [the softmax](#softmax). Reading takes an hour and a quarter. A sequence is $x_1,\dots,x_T$, in code `(batch, T, d)`; $h_t$ is a state of $m$ numbers. $W$ always multiplies the state, $U$ the input.
"""

# %% [markdown]
r"""
(sq-recurrence)=
## One number of memory

A network with a fixed number of inputs cannot read a list of any length. A reader can: it keeps a few numbers in mind and changes them with every word. What is the least such machine?

Take one number of memory, $h_t=w\,h_{t-1}+x_t$, start at $h_0=0$ and read $x=(1,0,2)$. With $w=\frac12$ the states are $1,\ \frac12,\ 2\frac14$; with $w=1$ they are $1,1,3$; with $w=2$: $1,2,6$. An input that is $k$ steps old counts $w^k$. Less than one forgets, one adds up, more than one explodes: the whole chapter is in this line.

(recurrent-neural-network)=
A *recurrent neural network* {cite:p}`elman1990` has $m$ such numbers, which mix, and a nonlinearity $\varphi$ such as tanh:

$$
h_t=\varphi(Wh_{t-1}+Ux_t+b),\qquad y_t=\psi(Vh_t+c).
$$ (eq-sq-rnn)

*Unrolled* in time it is a feed-forward network of $T$ layers, with the same weights in each layer and one input in each.
"""


# %% tags=["picture"] mystnb={"image": {"alt": "A recurrent cell with an arrow to itself, and the same unrolled: four copies in a row, each fed by an input from below and by the state of its left neighbour through the same matrix W, each with an output above."}}
def draw_box(ax, x, y, words, colour, w=0.62, h=0.5):
    ax.add_patch(
        plt.Rectangle((x - w / 2, y - h / 2), w, h, fc=colour, ec="#333333", lw=1.1)
    )
    ax.text(x, y, words, ha="center", va="center", fontsize=11)


def draw_arrow(ax, start, end, words="", colour="#333333", shift=(0, 0.13), **kw):
    style = {"arrowstyle": "-|>", "color": colour, "lw": 1.5} | kw
    ax.annotate("", xy=end, xytext=start, arrowprops=style)
    middle = [(a + b) / 2 + s for a, b, s in zip(start, end, shift)]
    ax.text(*middle, words, ha="center", va="center", fontsize=10, color=colour)


fig, ax = plt.subplots(figsize=(6.8, 2.5))
for k, x in enumerate((-0.9, 2.0, 3.4, 4.8, 6.2)):
    t = "t" if k == 0 else str(k)
    draw_box(ax, x, 0, f"$h_{t}$", "#CFE8F5")
    draw_arrow(ax, (x, -1.0), (x, -0.27), "$U$", shift=(0.16, 0))
    draw_arrow(ax, (x, 0.27), (x, 1.0), "$V$", shift=(0.16, 0))
    ax.text(x, -1.15, f"$x_{t}$", ha="center", va="center")
    ax.text(x, 1.15, f"$y_{t}$", ha="center", va="center")
    if k:
        draw_arrow(ax, (x - 1.05, 0), (x - 0.33, 0), "$W$", plot.RED)
draw_arrow(ax, (6.53, 0), (7.2, 0), "$W$", plot.RED)
loop = {"connectionstyle": "arc3,rad=-1.6", "shrinkA": 0, "shrinkB": 0}
draw_arrow(ax, (-0.59, 0.12), (-0.59, -0.14), "$W$", plot.RED, (0.38, 0), **loop)
ax.text(0.7, 0.75, "unrolled:", ha="center", va="center", fontsize=10)
ax.set(xlim=(-1.4, 7.3), ylim=(-1.35, 1.35))
ax.axis("off")
plt.show()


# %%
def rnn(x, h, W, U, b):  # x (batch, T, d), h (batch, m)
    states = []
    for t in range(x.shape[1]):
        h = torch.tanh(h @ W.T + x[:, t] @ U.T + b)
        states.append(h)
    return torch.stack(states, 1)  # (batch, T, m)


# %% [markdown]
r"""
(rnn-loss-settings)=
The loss may come once, from $h_T$ at the end, as in the opening. Or it comes at every step, $\mathcal R=\sum_t\ell_t(y_t)$, as for a reader who guesses each next letter. The cell is the same. With $W=U=1$ and no nonlinearity it holds the running sum: it could solve the opening, if only nobody had mixed 18 other numbers in.

**Try it.** Two numbers of memory, no nonlinearity. Find $W$ and $U$ so that $h_t=Wh_{t-1}+Ux_t$ always holds the last two inputs, the newest first.
"""

# %% tags=["yours"]
two_inputs = ...  # a pair: W as a 2 × 2 list, U as a list of two

exercise("sq-counter").check(two_inputs)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A shift register; $W^2=0$, so after two steps all is forgotten.

```python
two_inputs = [[0, 0], [1, 0]], [1, 0]
```

</details>
"""

# %% tags=["checks"]
shop_rnn = nn.RNN(3, 5, batch_first=True)
some_x = torch.randn(2, 7, 3, generator=seeded(1))
W, U, b = (
    shop_rnn.weight_hh_l0,
    shop_rnn.weight_ih_l0,
    shop_rnn.bias_ih_l0 + shop_rnn.bias_hh_l0,
)
verify(
    "seven steps of torch's nn.RNN",
    rnn(some_x, torch.zeros(2, 5), W, U, b),
    shop_rnn(some_x)[0],
    atol=1e-12,
)
x, y = adding(12, 2, 3, seeded(2))
for_rnn = fresh("tanh", False, 2, 5, 1)
verify(
    "the chapter's many networks at once, each against the loop",
    forward("tanh", for_rnn, x)[0][-1],
    torch.stack(
        [
            rnn(
                x[:, k].transpose(0, 1),
                torch.zeros(3, 5).float(),
                for_rnn["W"][k].T,
                for_rnn["U"][k].T,
                for_rnn["b"][k],
            )[:, -1]
            for k in range(2)
        ]
    ),
    atol=1e-6,
)
steps = np.arange(30)
impulse = np.zeros(30)
impulse[3] = 1.0
state, seen = 0.0, []
for value in impulse:
    state = 0.8 * state + value
    seen.append(state)
verify(
    "an input k steps old counts w to the k",
    seen,
    np.where(steps >= 3, 0.8 ** np.maximum(steps - 3, 0), 0.0),
    atol=1e-12,
)

# %% [markdown]
r"""
(backpropagation-through-time)=
## Blame travels backwards in time

A recurrent network uses one matrix $T$ times. When the answer at the end is wrong, how much of it is the fault of $W$, and at which step?

**By hand.** In the example with $w=\frac12$ and $x=(1,0,2)$, let the target for $h_3=2\frac14$ be 2, with the loss $\frac12(h_3-2)^2$. The error is $\delta_3=\frac14$. Because $h_3=wh_2+\dots$, the state before is to blame for half of it: $\delta_2=\frac18$, $\delta_1=\frac1{16}$. In each step $w$ multiplied the old state, so

$$
\frac{d\mathcal R}{dw}=\delta_3h_2+\delta_2h_1+\delta_1h_0=\tfrac14\cdot\tfrac12+\tfrac18\cdot1+0=\tfrac14 .
$$

Check: $h_3=w^2+2$, so the slope is $(h_3-2)\cdot2w=\frac14$.

**In general** let $a_t=Wh_{t-1}+Ux_t+b$ and let $\delta_t=\partial\mathcal R/\partial h_t$ be the *total* derivative, through everything that comes later. The state $h_t$ acts on the loss directly, through $y_t$, and through $h_{t+1}=\varphi(Wh_t+\dots)$. So [the chain rule](#jacobian-chain-rule), which is [backpropagation](#backpropagation) and nothing else, runs backwards in time from $\delta_{T+1}=0$,

$$
\delta_t=\frac{\partial\ell_t}{\partial h_t}+W^\top\bigl(\varphi'(a_{t+1})\odot\delta_{t+1}\bigr),
$$ (eq-sq-bptt)

and since $W$ enters step $t$ through $a_t$, with $\partial a_{t,i}/\partial W_{ij}=h_{t-1,j}$, the contributions of all steps add up:

$$
\frac{\partial\mathcal R}{\partial W}=\sum_t\bigl(\varphi'(a_t)\odot\delta_t\bigr)h_{t-1}^\top,\qquad
\frac{\partial\mathcal R}{\partial U}=\sum_t\bigl(\varphi'(a_t)\odot\delta_t\bigr)x_t^\top .
$$ (eq-sq-bptt-w)
"""


# %%
def bptt(x, h, W, e):  # x (T, d), h (T + 1, m) states from h_0 on, e (T, m): ∂ℓ_t/∂h_t
    delta, dW, dU = 0.0, 0.0, 0.0
    for t in reversed(range(len(x))):
        delta = e[t] + delta  # total: what step t costs itself, and what comes later
        at_a = (1 - h[t + 1] ** 2) * delta  # tanh' = 1 − tanh²
        dW, dU = dW + np.outer(at_a, h[t]), dU + np.outer(at_a, x[t])
        delta = W.T @ at_a
    return dW, dU


# %% [markdown]
r"""
**Truncated.** A text of a million letters cannot be unrolled to its beginning. One carries each error back through at most $k$ steps and drops the rest. How wrong is that? Twenty small tanh networks with ten random errors each, the median:
"""


# %% tags=["set-up"]
def tanh_run(seed, T=10, m=4, d=3):
    """A random tanh network: inputs, states, matrix, errors, all as arrays."""
    rng = np.random.default_rng(seed)
    W, U = 0.6 * rng.normal(size=(m, m)), rng.normal(size=(m, d))
    x, e, h = rng.normal(size=(T, d)), rng.normal(size=(T, m)), [np.zeros(m)]
    for v in x:
        h.append(np.tanh(W @ h[-1] + U @ v))
    return x, np.array(h), W, U, e


def truncated(k, x, h, W, e):
    """Each e_t alone, carried back through its last k steps; the results added."""
    parts = []
    for t in range(len(x)):
        low = max(0, t - k + 1)
        alone = np.zeros((t + 1 - low, len(W)))
        alone[-1] = e[t]
        parts.append(bptt(x[low : t + 1], h[low : t + 2], W, alone)[0])
    return sum(parts)


kept_steps = range(1, 11)
truncation = []
for seed in range(20):
    x, h, W, U, e = tanh_run(seed)
    whole = bptt(x, h, W, e)[0]
    truncation.append(
        [
            np.linalg.norm(truncated(k, x, h, W, e) - whole) / np.linalg.norm(whole)
            for k in kept_steps
        ]
    )
print("steps kept     " + "".join(f"{k:7}" for k in kept_steps))
print("relative error " + "".join(f"{v:7.3f}" for v in np.median(truncation, 0)))

# %% [markdown]
r"""
With one step, $k=1$, the error is half as long as the gradient itself; five steps are enough here. That is good news for the computer, and bad news: what lies more than five steps back hardly counts.
"""

# %% tags=["checks"]
x, h, W, U, e = tanh_run(5)
W_torch, U_torch = (torch.tensor(v, requires_grad=True) for v in (W, U))
per_step = (
    rnn(torch.tensor(x)[None], torch.zeros(1, 4), W_torch, U_torch, torch.zeros(4))[0]
    * torch.tensor(e)
).sum(1)
verify(
    "backwards through time by the formula: torch's ∂R/∂W and ∂R/∂U",
    np.concatenate(bptt(x, h, W, e), 1),
    torch.cat(
        torch.autograd.grad(per_step.sum(), (W_torch, U_torch), retain_graph=True), 1
    ),
    atol=1e-12,
)
verify(
    "the example by hand: slope of (h₃ − 2)²/2 in w, by differences",
    1 / 4 * 1 / 2 + 1 / 8 * 1,
    sum(s * ((0.5 + s * 1e-5) ** 2 + 2 - 2) ** 2 / 2 for s in (1, -1)) / 2e-5,
    atol=1e-9,
)
verify_at_least(
    "direct derivative alone: relative error, the median of 20 networks",
    np.median(truncation, 0)[0],
    0.3,
)
verify_at_most(
    "five steps kept: relative error, the median of 20 networks",
    np.median(truncation, 0)[4],
    0.05,
)
cells_agree = []
for cell in ("tanh", "relu", "lstm"):
    P = {k: v.double() for k, v in fresh(cell, False, 3, 4, 0).items()}
    x, y = (v.double() for v in adding(9, 3, 5, seeded(0)))
    Q = {k: v.clone().requires_grad_() for k, v in P.items()}
    s = c = torch.zeros(3, 5, 4)
    for v in x:
        a = v @ Q["U"] + Q["b"] + s @ Q["W"]
        if cell == "lstm":
            i, f, new, o = a.chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * new.tanh()
            s = o.sigmoid() * c.tanh()
        else:
            s = getattr(a, cell)()
    auto = torch.autograd.grad(((s @ Q["V"])[..., 0] * y).sum(), list(Q.values())[:4])
    ours = backward(cell, P, x, y[..., None])
    cells_agree += [(ours[k] - v).abs().max() for k, v in zip(Q, auto)]
verify(
    "the chapter's backward pass, three cells: distance from torch's gradients",
    torch.stack(cells_agree),
    np.zeros(12),
    atol=1e-12,
)

# %% [markdown]
r"""
(vanishing-and-exploding-gradients)=
## Why the bell is not heard

Follow one error back from step $T$ to step 0, with no new errors in between. It is multiplied by the transpose of

$$
\frac{\partial h_T}{\partial h_0}=D_TW\,D_{T-1}W\cdots D_1W,\qquad D_t=\operatorname{diag}\varphi'(a_t).
$$ (eq-sq-product)

A product of twenty matrices is like the twentieth power of a number: it is nearly always nothing or everything.

:::{prf:theorem} Vanishing and exploding gradients
:label: thm-sq-vanish
$\Bigl\lVert\dfrac{\partial h_T}{\partial h_0}\Bigr\rVert\le\bigl(\max|\varphi'|\;\sigma_{\max}(W)\bigr)^T$. With $|\varphi'|\le1$ and $\sigma_{\max}(W)<1$ it vanishes exponentially; $\sigma_{\max}(W)>1$ is necessary for an explosion, not sufficient.
:::

:::{prf:proof}
[The spectral norm](#spectral-norm) of a product is at most the product of the norms, and that of $D_t$ is the largest $|\varphi'|$ on its diagonal.
:::

**In the long run.** For a linear network the product is the power $W^k$. Take $W=\begin{pmatrix}0.9&1\\0&0.8\end{pmatrix}$, whose largest singular value is about $1.5$. The norm of $W^k$ grows until $k=6$; then it falls, in the end by a tenth a step. What decides in the end is the *spectral radius* $\rho$, the largest modulus of an eigenvalue: in the long run $\lVert W^k\rVert^{1/k}\to\rho$; a constant leaves room for the growth at the beginning.

<details><summary>Why the spectral radius</summary>

Let $W=P\Lambda P^{-1}$ be diagonalisable. Then $W^k=P\Lambda^kP^{-1}$, and $\Lambda^k$ has the norm $\rho^k$. On the other side, $W^k$ stretches an eigenvector of the largest eigenvalue by exactly $\rho^k$. So

$$
\rho^k\le\lVert W^k\rVert\le\lVert P\rVert\,\lVert P^{-1}\rVert\,\rho^k ,
$$ (eq-sq-gelfand)

and the $k$-th root of the constant tends to one. (Gelfand's formula says this of every square matrix.)

</details>

Now let $W=sQ$ with $Q$ orthogonal, where every singular value and every eigenvalue has the size $s$. Look for the $s$ at which the two curves do not fall.
"""


# %% tags=["set-up"]
def through_time(W, T, seed, nonlinear):
    """Norm of ∂h_t/∂h_0 for t = 1 … T, along one random run."""
    rng, m = np.random.default_rng(seed), len(W)
    h, J, norms = rng.normal(size=m), np.eye(m), []
    for _ in range(T):
        h, slope = W @ h + rng.normal(size=m) * 0.3, np.ones(m)
        if nonlinear:
            h = np.tanh(h)
            slope = 1 - h**2
        J = slope[:, None] * (W @ J)
        norms.append(np.linalg.norm(J, 2))
    return np.array(norms)


orthogonal = np.linalg.qr(np.random.default_rng(5).normal(size=(8, 8)))[0]


# %% tags=["picture"]
def decay(s):
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    t = np.arange(1, 101)
    for name, curved, colour in (
        ("linear", False, plot.BLUE),
        ("tanh", True, plot.RED),
    ):
        norms = through_time(s * orthogonal, 100, 1, curved)
        ax.semilogy(t, norms, color=colour, label=name)
    ax.semilogy(t, float(s) ** t, ":", color="#333333", lw=2.5, label="bound $s^t$")
    ax.axhline(1, color=plot.GREY, lw=0.8)
    ax.set(xlabel="steps $t$", ylim=(1e-16, 1e8))
    ax.set_ylabel(r"$\Vert\partial h_t/\partial h_0\Vert$")
    ax.legend(loc="lower left")
    return fig


explore(
    decay,
    s=[1.1, 0.8, 1.0, 1.4],
    alt="Norm of the Jacobian through time on a logarithmic scale: the linear network follows s to the t, the tanh network stays below; it falls up to s = 1.1 and wavers at 1.4",
)

# %% [markdown]
r"""
The linear network is flat at $s=1$ and nowhere else. In the tanh network the slopes $1-h^2<1$ eat the error away. At $s=1.4$ this run looks flat; others lose or gain orders of magnitude, and no $s$ nearby is reliably flat.

(sq-opening-decay)=
**The opening's curve.** Do these numbers explain it? For the twenty tanh networks as the library starts them:
"""

# %% tags=["set-up"]
opening_W = fresh("tanh", False, 20, 8, 3)["W"].double()
opening_sizes = torch.linalg.matrix_norm(opening_W, 2).numpy()
opening_radii = torch.linalg.eigvals(opening_W).abs().amax(1).numpy()
opening_inputs = backward(
    "tanh",
    fresh("tanh", False, 20, 8, 3),
    adding(20, 20, 16, seeded(4))[0],
    torch.ones(20, 16, 1).float(),
    to_inputs=True,
)
influence = opening_inputs[..., 0].abs().mean(2).double().numpy()  # (T, networks)
opening_factor = (influence[4] / influence[16]) ** (1 / 12)
print("over twenty fresh tanh networks       smallest  median  largest")
for name, v in (
    ("largest singular value of W", opening_sizes),
    ("spectral radius of W", opening_radii),
    ("measured: factor a step", opening_factor),
):
    print(f"{name:36}{v.min():10.2f}{np.median(v):8.2f}{v.max():9.2f}")

# %% [markdown]
r"""
The largest singular values lie close to one, on both sides: the bound, a worst case over all directions, promises little. The eigenvalues tell the story. The library draws the entries of $W$ uniformly from $\pm1/\sqrt m$, with variance $\frac1{3m}$. The eigenvalues of a large random matrix of variance $\frac{s^2}m$ fill a disc of radius $s$ {cite:p}`tao2010circular`, here $1/\sqrt3\approx0.58$.

The measured factor is a little below the spectral radius, as the slopes of the tanh are below one. At 0.5 a step, twenty steps leave a millionth.

**A common slip**: "gradients explode if $\sigma_{\max}(W)>1$." The $2\times2$ matrix above has $1.5$, and its powers go to zero. And where a tanh is saturated, with slopes near zero, gradients vanish even for $W=5I$.

(gradient-clipping)=
**Exploding** gradients have a crude cure, *clipping* {cite:p}`pascanu2013`: a gradient longer than $\kappa$ is shortened to length $\kappa$, and keeps its direction. **Vanishing** ones cannot be scaled up afterwards: the error from far back is added to errors from nearby that may be a million times as large, and drowns.

What helps is to keep [the product](#eq-sq-product) near the identity from the beginning. There are two ways. One can *start* $W$ at the identity; or one can build a cell that has the identity in it.

**Try it.** Find a $3\times3$ matrix whose largest singular value is at least 5, so that a linear network with this matrix passes back a nonzero error through two steps and exactly nothing through three.
"""

# %% tags=["yours"]
three_steps = ...  # a 3 × 3 list

exercise("sq-nilpotent").check(three_steps)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A shift register of three places, with gain: $W^2\ne0$, $W^3=0$.

```python
three_steps = [[0, 5, 0], [0, 0, 5], [0, 0, 0]]
```

</details>
"""

# %% tags=["checks"]
verify(
    "linear network, W = s times orthogonal, 100 steps: s to the 100, three values of s",
    [through_time(s * orthogonal, 100, 2, False)[-1] for s in (0.9, 1.0, 1.1)],
    np.array([0.9, 1.0, 1.1]) ** 100,
    rtol=1e-8,
)
rng, excess, powers = np.random.default_rng(6), [], []
for seed in range(50):
    W = rng.normal(size=(8, 8)) * 0.4
    bound = np.arange(1, 31) * np.log(np.linalg.norm(W, 2))
    excess.append((np.log(through_time(W, 30, seed, True)) - bound).max())
    far = [np.linalg.norm(np.linalg.matrix_power(W, k), 2) for k in (300, 600)]
    radius = np.abs(np.linalg.eigvals(W)).max()
    powers.append((far[1] / far[0]) ** (1 / 300) / radius)
verify_at_most(
    "50 tanh networks: log of the norm beyond the theorem's bound",
    max(excess),
    0.0,
    atol=1e-12,
)
verify(
    "50 linear networks: factor a step in the long run over the spectral radius",
    powers,
    np.ones(50),
    atol=0.01,
)
lengths = [
    np.linalg.norm(np.linalg.matrix_power([[0.9, 1], [0, 0.8]], k), 2)
    for k in range(1, 200)
]
verify(
    "the 2 × 2 example: where its powers are longest, against where 0.9ᵏ − 0.8ᵏ is",
    np.argmax(lengths) + 1,
    math.log(math.log(0.8) / math.log(0.9)) / math.log(0.9 / 0.8),
    atol=0.5,
)
verify(
    "… and its factor a step in the end: the spectral radius",
    lengths[-1] / lengths[-2],
    0.9,
    rtol=1e-6,
)
verify_at_most(
    "the opening's tanh networks: measured factor over the spectral radius, median",
    np.median(opening_factor / opening_radii),
    1.0,
)
v = np.array([3.0, 4.0])
clipped = torch.tensor([1.3], requires_grad=True)
(clipped**60 / 2).backward()
nn.utils.clip_grad_norm_([clipped], 1.0)
verify(
    "the gradient 30 · 1.3⁵⁹ of w⁶⁰/2, clipped by torch",
    clipped.grad.item(),
    1.0,
    atol=1e-6,
)
levels = {
    s: np.array([through_time(s * orthogonal, 100, seed, True) for seed in range(20)])
    for s in (1.0, 1.3, 1.4, 1.5)
}
verify_at_most(
    "tanh, W = s times orthogonal, s = 1: norm after 100 steps, largest of 20 runs",
    levels[1.0][:, -1].max(),
    1e-6,
)
verify_at_most(
    "s = 1.4: the slider's run, orders of magnitude away from 1 at its worst step",
    np.abs(np.log10(through_time(1.4 * orthogonal, 100, 1, True))).max(),
    1.0,
)
verify_at_least(
    "s = 1.3, 1.4, 1.5: largest over smallest of 20 runs after 100 steps",
    [levels[s][:, -1].max() / levels[s][:, -1].min() for s in (1.3, 1.4, 1.5)],
    100,
)
verify_at_least(
    "… and the runs of 20 that move by more than a factor of ten on the way",
    [int((levels[s].max(1) > 10 * levels[s].min(1)).sum()) for s in (1.3, 1.4, 1.5)],
    20 / 2,
)
verify_at_most(
    "W = 5 times identity, tanh: gradient after 30 saturated steps",
    through_time(5 * np.eye(3), 30, 3, True)[-1],
    1e-3,
)

# %% [markdown]
r"""
(sq-memory)=
## A memory by hand

What would *you* build to solve the opening? Start from one number that leaks, $c_t=f\,c_{t-1}+x_t$. At $f=0.99$ half of what it held is left after 69 steps, longer than the list. But it adds up all twenty numbers, and we want two.

So let what is written depend on the input, $c_t=f_tc_{t-1}+i_tu_t$. The *input gate* $i_t$ is the bell itself and the *forget gate* is $f_t=1$:

| step | 1 | 2 | 3 | 4 |
|---|---|---|---|---|
| number $u_t$ | 0.3 | 0.6 | 0.9 | 0.2 |
| bell $=i_t$ | 0 | 1 | 0 | 1 |
| memory $c_t$ | 0 | 0.6 | 0.6 | 0.8 |

Solved, with two products and a sum, for lists of any length. And the error passes back through $\partial c_t/\partial c_{t-1}=f_t=1$: no matrix, no slope, no fading.

(lstm)=
The *long short-term memory* {cite:p}`hochreiter1997lstm,gers2000forget` makes this learnable: gates become sigmoids, which are never quite 0 or 1 but have slopes. With $\sigma$ the logistic function and all gates computed from $x_t$ and $h_{t-1}$,

$$
\begin{aligned}
i_t,f_t,o_t&=\sigma\bigl(W^{(\cdot)}h_{t-1}+U^{(\cdot)}x_t+b^{(\cdot)}\bigr),\qquad
\tilde c_t=\tanh\bigl(W^{(c)}h_{t-1}+U^{(c)}x_t+b^{(c)}\bigr),\\
c_t&=f_t\odot c_{t-1}+i_t\odot\tilde c_t,\qquad\qquad h_t=o_t\odot\tanh(c_t).
\end{aligned}
$$ (eq-sq-lstm)

*Input, forget, output*: write, keep, show. The candidate $\tilde c_t$ is what is written, above simply $u_t$. Why not always show? All gates read $h_{t-1}$, so a memory kept for later would disturb every decision until then; behind a shut output gate it waits. Follow the upper line of the picture from left to right. It is the memory; only two things happen to it, a product and a sum.
"""


# %% tags=["picture"] mystnb={"image": {"alt": "An LSTM cell drawn. A thick line runs along the top from the old memory to the new one, through a product with the forget gate and a sum. The input gate times the candidate is added to it. Below, the old state and the input feed four boxes: forget gate, input gate, candidate, output gate. The new state is the output gate times the tanh of the memory."}}
def draw_op(ax, x, y, words):
    ax.add_patch(plt.Circle((x, y), 0.19, fc="#FFF3C4", ec="#333333", lw=1.1, zorder=3))
    ax.text(x, y, words, ha="center", va="center", fontsize=12, zorder=4)


fig, ax = plt.subplots(figsize=(6.8, 3.9))
ax.add_patch(plt.Rectangle((0.55, 0.3), 6.9, 3.75, fc="#F4F7FA", ec="#9AA5B1", lw=1.0))
draw_arrow(ax, (0, 3.5), (8, 3.5), colour=plot.RED, lw=3.5)
ax.text(0.28, 3.75, "$c_{t-1}$", ha="center", fontsize=12)
ax.text(7.8, 3.75, "$c_t$", ha="center", fontsize=12)
plain = {"arrowstyle": "-"}
draw_arrow(ax, (0, 0.75), (5.0, 0.75), **plain)
draw_arrow(ax, (1.0, -0.1), (1.0, 0.75), **plain)
ax.text(0.28, 0.95, "$h_{t-1}$", ha="center", fontsize=12)
ax.text(1.0, -0.3, "$x_t$", ha="center", fontsize=12)
for x, words, colour, name in (
    (1.7, "$\\sigma$", "#CFE8F5", "forget $f_t$"),
    (2.9, "$\\sigma$", "#CFE8F5", "input $i_t$"),
    (3.9, "tanh", "#F8E3B8", "new $\\tilde c_t$"),
    (5.0, "$\\sigma$", "#CFE8F5", "output $o_t$"),
):
    draw_arrow(ax, (x, 0.75), (x, 1.12))
    draw_box(ax, x, 1.37, words, colour)
    ax.text(x + 0.06, 1.8, name, ha="left", va="center", fontsize=9)
draw_arrow(ax, (1.7, 1.62), (1.7, 3.3))
draw_arrow(ax, (2.9, 1.62), (2.9, 2.41))
draw_arrow(ax, (3.9, 1.62), (3.9, 2.6), **plain)
draw_arrow(ax, (3.9, 2.6), (3.1, 2.6))
draw_arrow(ax, (2.9, 2.79), (2.9, 3.3))
draw_op(ax, 1.7, 3.5, "×")
draw_op(ax, 2.9, 3.5, "+")
draw_op(ax, 2.9, 2.6, "×")
draw_arrow(ax, (6.3, 3.5), (6.3, 2.85))
draw_box(ax, 6.3, 2.6, "tanh", "#F8E3B8")
draw_arrow(ax, (6.3, 2.35), (6.3, 1.56))
draw_arrow(ax, (5.31, 1.37), (6.11, 1.37))
draw_op(ax, 6.3, 1.37, "×")
draw_arrow(ax, (6.3, 1.18), (6.3, 0.75), **plain)
draw_arrow(ax, (6.3, 0.75), (8, 0.75))
ax.text(7.8, 0.95, "$h_t$", ha="center", fontsize=12)
ax.set(xlim=(-0.1, 8.1), ylim=(-0.5, 4.15))
ax.axis("off")
plt.show()


# %%
def lstm_step(x, h, c, W, U, b):  # rows of W, U, b in torch's order i, f, c̃, o
    i, f, new, o = (h @ W.T + x @ U.T + b).chunk(4, -1)
    c = sigma(f) * c + sigma(i) * torch.tanh(new)
    h = sigma(o) * torch.tanh(c)
    return h, c


# %% [markdown]
r"""
Besides the upper line the memory has a second way, through $h_{t-1}$, which the gates read. With $f_t$ near 1 and $i_t$ near 0 that way fades, unless the memory is very large, and what remains is close to the identity.

<details><summary>The whole derivative</summary>

The memory $c_{t-1}$ acts on $c_t$ along the upper line, and once more through $h_{t-1}=o_{t-1}\odot\tanh c_{t-1}$, which the gates read. ($o_{t-1}$ itself does not depend on $c_{t-1}$.) With $\sigma'=\sigma(1-\sigma)$, $\tanh'=1-\tanh^2$ and products $\odot$ that scale rows,

$$
\frac{\partial c_t}{\partial c_{t-1}}=\underbrace{\operatorname{diag}f_t}_{\text{upper line}}+\Bigl[\underbrace{c_{t-1}\odot f_t'\odot W^{(f)}}_{\text{keep}}+\underbrace{\tilde c_t\odot i_t'\odot W^{(i)}}_{\text{write}}+\underbrace{i_t\odot\tilde c_t'\odot W^{(c)}}_{\text{what}}\Bigr]\underbrace{\operatorname{diag}\bigl(o_{t-1}\odot\tanh'(c_{t-1})\bigr)}_{\text{shown}} .
$$ (eq-sq-lstm-path)

For $f_t$ near 1 and $i_t$ near 0, $f_t'$, $i_t'$ and $i_t$ are all near zero, and so is the bracket.

</details>

(sq-hand-lstm)=
**An LSTM set by hand.** One unit, inputs $u$ and bell. Three gates and a candidate, each with a weight for $u$, a weight for the bell and a bias:
"""

# %%
by_hand = torch.tensor(
    [  # weight of u, of the bell, bias
        [0.0, 40.0, -20.0],  # i: open if the bell rings, else shut
        [0.0, 0.0, 20.0],  # f: always keep
        [0.1, 0.0, 0.0],  # c̃: a tenth of u, where tanh is nearly straight
        [0.0, 0.0, 20.0],  # o: always show
    ]
)


# %%
def hand_cell(x):  # x (T, 2) to gates and memory (T, 5): i, f, c̃, o, c
    h, c, trace = torch.zeros(1), torch.zeros(1), []
    W, U, b = torch.zeros(4, 1), by_hand[:, :2], by_hand[:, 2]
    for v in x:
        i, f, new, o = h @ W.T + v @ U.T + b
        h, c = lstm_step(v, h, c, W, U, b)
        trace.append([sigma(i), sigma(f), torch.tanh(new), sigma(o), c.item()])
    return torch.tensor(trace)  # the answer is 10 tanh(c)


# %% tags=["picture"] mystnb={"image": {"alt": "Traces of the LSTM set by hand on a list of twenty numbers with two bells: the input gate is zero but for two spikes at the bells, the forget gate stays at one, the memory is a staircase of two steps."}}
list_heard, sum_heard = adding(20, 1, 1, seeded(12))
hand_trace = hand_cell(list_heard[:, 0, 0].double())
fig, axes = plt.subplots(4, 1, figsize=(6.8, 3.6), sharex=True)
steps = range(1, 21)
axes[0].bar(steps, list_heard[:, 0, 0, 0], color="#C3CCD6")
rung = np.flatnonzero(list_heard[:, 0, 0, 1].numpy())
axes[0].bar(rung + 1, list_heard[rung, 0, 0, 0], color=plot.RED)
for ax, k, name in (
    (axes[1], 0, "$i_t$"),
    (axes[2], 1, "$f_t$"),
    (axes[3], 4, "$10c_t$"),
):
    ax.step(
        steps, hand_trace[:, k] * (10 if k == 4 else 1), where="mid", color=plot.BLUE
    )
    ax.set_ylabel(name, rotation=0, labelpad=14, va="center")
    ax.set(ylim=(-0.1, 1.15) if k < 4 else (-0.15, 2))
axes[0].set_ylabel("$u_t$", rotation=0, labelpad=14, va="center")
axes[3].axhline(sum_heard.item(), color=plot.GREY, ls=":")
axes[3].set(xlabel="step $t$", xticks=range(0, 21, 5))
plt.show()

# %% [markdown]
r"""
The input gate opens twice, and the memory is a staircase of two steps. So the cell *can*; no training was needed. (The two tanh bend the sum a little, $\tanh a\approx a-\frac13a^3$: with the weight $0.1$ the answer is at most $0.033$ too small.)

(sq-forget-bias)=
**How long does a gate keep?** If a unit's forget gate hovers at $f$, its memory lasts about $k=1/(1-f)$ steps (until $1/e$ is left). A library starts with weights and biases near zero, that is with $f\approx\sigma(0)=\frac12$: a memory of two steps. For $k$ steps one sets

$$
\sigma(b)=1-\frac1k\quad\Longleftrightarrow\quad b=\ln(k-1).
$$ (eq-sq-bias)

*Chrono initialisation* {cite:p}`tallec2018` draws a $k$ for every unit, uniformly up to the length of the task. The forget gate gets the bias $b$ and the input gate $-b$: keep much, write little. Move the bias and see what is left of a memory.
"""


# %% tags=["picture"]
def fading(bias):
    fig, ax = plt.subplots(figsize=(6.8, 2.6))
    f, k = 1 / (1 + math.exp(-bias)), np.arange(101)
    ax.plot(k, f**k, color=plot.BLUE)
    ax.axvline(1 / (1 - f), color=plot.RED, ls="--")
    ax.set(
        xlabel="steps without a bell",
        ylabel="share left",
        xlim=(0, 100),
        ylim=(0, 1.05),
    )
    ax.set_title(f"forget gate {f:.3f}:  memory of {1 / (1 - f):.1f} steps")
    return fig


explore(
    fading,
    bias=[0.0, 1.0, 3.0, 5.0],
    alt="Share of a memory that is left, against steps: at forget bias 0 nothing remains after a few steps, at bias 3 a memory of twenty steps, at bias 5 half is left after a hundred",
)

# %% [markdown]
r"""
(gru)=
**The same idea with one state.** The *gated recurrent unit* {cite:p}`cho2014` ties keeping to writing; in the form of {cite:t}`chung2014`

$$
\begin{aligned}
z_t&=\sigma(W^{(z)}h_{t-1}+U^{(z)}x_t+b^{(z)}),\qquad r_t=\sigma(W^{(r)}h_{t-1}+U^{(r)}x_t+b^{(r)}),\\
\tilde h_t&=\tanh(W(r_t\odot h_{t-1})+Ux_t+b),\qquad h_t=(1-z_t)\odot h_{t-1}+z_t\odot\tilde h_t .
\end{aligned}
$$ (eq-sq-gru)

It is a leaky average with a leak $z_t$ that is decided anew at every step. (torch's $z$ is our $1-z$; its $r$ acts after the matrix product.)
"""


# %%
def gru_step(x, h, W, U, b):  # rows of W, U, b in the order r, z, candidate
    m = h.shape[-1]
    r, z = sigma(h @ W[: 2 * m].T + x @ U[: 2 * m].T + b[: 2 * m]).chunk(2, -1)
    new = torch.tanh((r * h) @ W[2 * m :].T + x @ U[2 * m :].T + b[2 * m :])
    return (1 - z) * h + z * new


# %% [markdown]
r"""
**Try it.** Change the hand-set LSTM: at the end it should name the number of the *last* bell (not the sum; there may be any number of bells). Its answer is again $10\,o\tanh(c)$, within 0.02.
"""

# %% tags=["yours"]
last_bell = ...  # four rows (i, f, c̃, o) of: weight of u, weight of the bell, bias

exercise("sq-first-number").check(last_bell)

# %% [markdown]
r"""
<details><summary>Solution</summary>

When the bell rings, forget what was there: $f=\sigma(20-40\,\text{bell})$.

```python
last_bell = [[0, 40, -20], [0, -40, 20], [0.1, 0, 0], [0, 0, 20]]
```

</details>
"""

# %% tags=["checks"]
shop_lstm, g = nn.LSTMCell(3, 5), seeded(3)
x, h, c = (torch.randn(2, k, generator=g) for k in (3, 5, 5))
params = (
    shop_lstm.weight_hh,
    shop_lstm.weight_ih,
    shop_lstm.bias_ih + shop_lstm.bias_hh,
)
verify(
    "one step of torch's LSTMCell, state and memory",
    torch.stack(lstm_step(x, h, c, *params)),
    torch.stack(shop_lstm(x, (h, c))),
    atol=1e-12,
)
many, want = adding(200, 1, 5, seeded(8))
said = [
    10 * torch.tanh(hand_cell(v.double())[-1, 4]) for v in many[:, 0].transpose(0, 1)
]
verify(
    "the hand-set LSTM, five lists of 200 numbers: its answers are the sums",
    torch.stack(said),
    want[0].double(),
    atol=10 / 3 * (2 * 0.1**3 + 0.2**3),
)
verify(
    "of the hand-set rows only the candidate listens to u, only the input gate to the bell",
    by_hand[:, :2] != 0,
    [[0, 1], [0, 0], [1, 0], [0, 0]],
)
one_list = many[:, 0, 0].double()
ones = torch.ones(200)
verify(
    "its gates on one list: the bell, one, tanh(u/10), one",
    hand_cell(one_list)[:, :4],
    torch.stack([one_list[:, 1], ones, torch.tanh(one_list[:, 0] / 10), ones], 1),
    atol=1e-8,
)
shown = h[1].sigmoid()  # some output gate of the step before
J = jacobian(lambda c: lstm_step(x[0], shown * c.tanh(), c, *params)[1], c[0])
a = x[0] @ params[1].T + params[2] + params[0] @ (shown * c[0].tanh())
(i, f, _, _), new = a.sigmoid().chunk(4), a.chunk(4)[2].tanh()
Wi, Wf, Wc, _ = params[0].chunk(4)
rows = lambda v: v[:, None]
bracket = rows(c[0] * f * (1 - f)) * Wf + rows(new * i * (1 - i)) * Wi
bracket = bracket + rows(i * (1 - new**2)) * Wc
verify(
    "∂c_t/∂c_{t−1}, the upper line and the path through h: torch's Jacobian",
    torch.diag(f) + bracket @ torch.diag(shown * (1 - c[0].tanh() ** 2)),
    J,
    atol=1e-12,
)
W, U, b = torch.zeros(20, 5), torch.zeros(20, 3), torch.zeros(20)
b[:5], b[5:10] = -1e3, 1e3  # i = 0, f = 1
h_far, c_far = h, c
for v in torch.randn(1000, 2, 3, generator=g):
    h_far, c_far = lstm_step(v, h_far, c_far, W, U, b)
verify("forget gate 1, input gate 0: the memory after 1000 steps", c_far, c, atol=1e-15)
started = fresh("lstm", True, 4000, 4, 0)["b"][..., 4:8].double()
verify_within_se(
    "chrono start for 20 steps: memories 1/(1 − f), uniform between 2 and 20",
    (1 / (1 - started.sigmoid())).flatten(),
    (2 + 20) / 2,
)
shop_gru = nn.GRUCell(3, 5)
gru_params = (
    shop_gru.weight_hh,
    shop_gru.weight_ih,
    shop_gru.bias_ih + shop_gru.bias_hh,
)
a, u = x @ gru_params[1].T + shop_gru.bias_ih, h @ gru_params[0].T + shop_gru.bias_hh
flip = torch.ones(15)
flip[5:10] = -1  # torch's z keeps, ours writes
no_reset = [
    flip[:, None] * gru_params[0],
    flip[:, None] * gru_params[1],
    flip * gru_params[2],
]
reset, keep = (a + u)[:, :10].sigmoid().chunk(2, -1)
verify(
    "one step of torch's GRUCell, from our update and its own reset",
    keep * h + (1 - keep) * torch.tanh(a[:, 10:] + reset * u[:, 10:]),
    shop_gru(x, h),
    atol=1e-12,
)
# where the reset gate is open (r = 1) the two definitions are the same
for v in (shop_gru.bias_ih, no_reset[2]):
    v.data[:5] = 1e3
verify(
    "our GRU is torch's where the reset gate is open, z turned round",
    gru_step(x, h, *no_reset),
    shop_gru(x, h),
    atol=1e-12,
)
by_units = []
for n in range(2):  # the formula, one unit at a time
    dot = lambda k, s: no_reset[0][k] @ s + no_reset[1][k] @ x[n] + no_reset[2][k]
    no_reset[2].data[:5] = 0.3
    gate = [dot(k, h[n]).sigmoid() for k in range(10)]
    faded = torch.stack([gate[k] * h[n, k] for k in range(5)])
    by_units.append(
        torch.stack(
            [
                h[n, k] + gate[5 + k] * (dot(10 + k, faded).tanh() - h[n, k])
                for k in range(5)
            ]
        )
    )
verify(
    "our GRU with a reset, unit by unit",
    gru_step(x, h, *no_reset),
    torch.stack(by_units),
    atol=1e-12,
)

# %% [markdown]
r"""
(headline-adding)=
## Who learns to hear the bell?

Always answering the mean, 1, gives the squared error

$$
\operatorname{Var}(u_a+u_b)=2\int_0^1\bigl(u-\tfrac12\bigr)^2du=2\cdot\tfrac1{12}=\tfrac16 ,
$$ (eq-sq-adding)

and who hears one of the two bells is left with $\frac1{12}$. A network *hears* if its error is below half of that.

Each cell has two starts, the library's and one that *keeps*: for the LSTM [certain biases](#eq-sq-bias) for memories of up to 20 steps (so it is told the length), for the others $W=I,\ b=0$, proposed by {cite:t}`le2015` for the ReLU. All have about as many weights and read fresh lists of 20, 8 a step, for 350 steps of Adam with [clipping](#gradient-clipping). A short trial on easier lists, of 12 (eight networks, 250 steps), chose each contestant's learning rate, one of three, each eight times the last (the LSTMs' three are larger); then twelve fresh networks run. Write down your order.
"""


# %% tags=["set-up"]
def tie(grads, tied):
    """Keep the input blocks of these LSTMs at minus their forget blocks."""
    for k in "UWb":
        i, f, *_ = grads[k].chunk(4, -1)
        half = (f - i)[tied] / 2
        f[tied], i[tied] = half, -half


def school(cell, P, rates, steps, g, T=20, batch=8, lists=adding, tied=None):
    """Adam with clipping on fresh lists, in place; yields each step's squared errors.

    Every list is new, so these are errors on lists that were never seen.
    """
    flat = lambda parts, **to: torch.cat([v.flatten(1) for v in parts], 1, **to)
    theta, sizes = flat(P.values()), [p[0].numel() for p in P.values()]
    for (k, p), part in zip(P.items(), theta.split(sizes, 1)):
        P[k] = part.view_as(p)  # a window on theta
    grad = torch.zeros_like(theta)
    optimizer = adam(theta, grad, rates)
    for _ in range(steps):
        x, y = lists(T, len(rates), batch, g)
        off = []
        look = lambda said: off.append(said - y) or (2 / batch) * off[0][..., None]
        grads = backward(cell, P, x, look)
        if tied is not None:
            tie(grads, tied)
        flat((grads[k] for k in P), out=grad)
        grad *= (1 / grad.norm(dim=1, keepdim=True)).clamp(max=1)
        optimizer.step()
        yield (off[0] ** 2).mean(1)


def errors(cell, P, x, y):
    """Mean squared error of every network; one that has blown up counts as infinite."""
    return ((answers(cell, P, x) - y) ** 2).mean(1).nan_to_num(math.inf, math.inf)


SEEDS, STEPS = 12, 350  # setting
TEAMS = [[cell, f"{cell}, keeping start"] for cell in ("tanh", "ReLU", "LSTM")]
PLAIN = [0.001, 0.008, 0.064]  # setting
GRIDS = {"lstm": [0.008, 0.064, 0.512], "relu": PLAIN, "tanh": PLAIN}  # setting


def cast(name):
    """Cell of a contestant, and whether it keeps at the start; LSTMs unless cast."""
    return (RIVALS | {"GRU": ("gru", False)}).get(name, ("lstm", False))


def contestant(name, networks, seed):
    """Fresh start weights of one contestant."""
    cell, keeps = cast(name)
    m = {"lstm": 8, "gru": 9}.get(cell, 17)
    P = fresh(cell, keeps, networks, m, seed)
    if "tied" in name:  # i = σ(−a) = 1 − f
        for k in "UWb":
            P[k][..., :m] = -P[k][..., m : 2 * m]
    if "alone" in name:
        block = slice(0, m) if "input" in name else slice(m, 2 * m)
        P["b"][..., block] = fresh("lstm", True, networks, m, seed)["b"][..., block]
    return P


def lessons(entries, seeds, steps, T, seed, lists=adding):
    """Train contestants of one cell, as one stack; an entry is a name and a rate.

    A name that comes again starts from other weights.
    Errors (blocks of 50 steps, entries, seeds); weights at 0, at half-time, at the end.
    """
    names = [name for name, _ in entries]
    starts = [
        contestant(name, seeds, seed + 100 * names[:k].count(name))
        for k, name in enumerate(names)
    ]
    P = {k: torch.cat([start[k] for start in starts]) for k in starts[0]}
    rates = torch.tensor([lr for _, lr in entries]).float().repeat_interleave(seeds)
    seen, weights = [], {0: {k: p.clone() for k, p in P.items()}}
    cell, g = cast(names[0])[0], seeded(seed + 1)
    tied = torch.tensor(["tied" in name for name in names]).repeat_interleave(seeds)
    tied = tied if tied.any() else None
    for t, off in enumerate(school(cell, P, rates, steps, g, T, 8, lists, tied), 1):
        seen.append(off.nan_to_num(math.inf, math.inf))
        if t in (steps // 2, steps):
            weights[t] = {k: p.clone() for k, p in P.items()}
    seen = torch.stack(seen).unflatten(0, (-1, 50)).mean(1)
    return seen.unflatten(1, (-1, seeds)), weights


rate, curves, graduates, results = {}, {}, {}, {}
for team in TEAMS:
    cell = RIVALS[team[0]][0]
    trials = list(itertools.product(team, GRIDS[cell]))
    tried, _ = lessons(trials, 8, 250, 12, 20)  # setting
    tried = tried[-1].log().mean(1)  # by the geometric mean of eight seeds
    best = tried.unflatten(0, (len(team), -1)).argmin(1).tolist()
    rate.update((name, GRIDS[cell][k]) for name, k in zip(team, best))
    seen, weights = lessons([(name, rate[name]) for name in team], SEEDS, STEPS, 20, 24)
    for n, name in enumerate(team):
        curves[name] = seen[:, n]  # (blocks, seeds)
        for steps, P in weights.items():
            mine = {k: p[n * SEEDS : (n + 1) * SEEDS] for k, p in P.items()}
            graduates[name, steps] = mine
            if steps:
                test = adding(20, SEEDS, 250, seeded(23))
                results[name, steps] = errors(cell, mine, *test).double()
HEARS = 1 / 24  # half of what one bell alone allows
hearing = {k: int((v < HEARS).sum()) for k, v in results.items()}
middle = {k: v.quantile(0.5).item() for k, v in results.items()}

print(f"                          hear, of {SEEDS}     median error")
print("after … steps               175   350            350      rate")
for name in RIVALS:
    counts = "".join(f"{hearing[name, steps]:6}" for steps in (STEPS // 2, STEPS))
    print(f"{name:25}{counts}{middle[name, STEPS]:15.4f}{rate[name]:10}")


# %% tags=["picture"] mystnb={"image": {"alt": "Left, how many of twelve networks hear both bells, against the steps of training. The ReLU network with the library's start stays at none. The LSTM with the keeping start rises first, from 100 steps on, to nine; the LSTM with the library's start and the ReLU network with the keeping start follow some 50 and 100 steps later, to five and seven. Right, a dot for the error of every network after 350 steps on a logarithmic axis: LSTM with the keeping start mostly near three thousandths, two of them near a tenth and one sixth; the LSTM with the library's start in two groups, near a hundredth and near one sixth; the ReLU network with the keeping start spread from six thousandths to one sixth; the other ReLU and the tanh networks at one sixth."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2), width_ratios=(1.1, 1))
square = list(RIVALS)[2:]
for name in square:
    heard_by = (curves[name] < HEARS).sum(1)
    every_50 = np.arange(50, STEPS + 1, 50)
    left.plot(every_50 - 25, heard_by, color=COLOURS[name], lw=2)
left.set(xlabel="steps of training", ylim=(-0.5, SEEDS + 0.5), yticks=range(0, 13, 4))
left.set_title(f"networks of {SEEDS} that hear", fontsize=10)
rows = [*square, *TEAMS[0]]
for row, name in enumerate(rows):
    e = results[name, STEPS]
    right.semilogx(e, [row] * SEEDS, "o", ms=4, alpha=0.5, color=COLOURS[name])
for guess in (1 / 6, 1 / 12):
    right.axvline(guess, color=plot.GREY, ls=":")
right.set_yticks(
    range(6), [k.replace("keeping start", "keeping") for k in rows], fontsize=8
)
right.invert_yaxis()
for label, name in zip(right.get_yticklabels(), rows):
    label.set_color(COLOURS[name])
right.set_title(f"errors after {STEPS} steps", fontsize=10)
plt.show()

# %% [markdown]
r"""
(Left, counts on 50 steps' training lists, a little behind the table; the tanh networks stay at none. Dotted: nothing heard, one bell heard.) Without any gate seven of the twelve ReLU networks hear, if they start from the identity; from the library's start none does. Of the LSTMs seven hear from the library's start, and ten from the keeping one, sooner and with the smallest error. (Ten against seven of twelve may be luck; the next experiment is sharper.)

No tanh network hears within these steps, although from the identity its reach before training is even longer than that of the winning LSTM. Is a path not enough? (Both tanh rows, and the ReLU from the library's start, chose the smallest of their three rates: their failures alone prove little.)

**Two biases.** The forget bias *keeps*, the input bias *shuts the door*. The library's LSTM has neither, and many hear all the same, perhaps taught by bells near the end.

So let no bell ring in the last six steps; as a control, none in the four before. Two more LSTMs join, each with one bias alone. All run at the race's rate and at half of it (the control at the first only). That rate was chosen for the LSTMs with neither bias and with both; the others take it untried:
"""

# %% tags=["set-up"]
HALVES = ["LSTM, forget bias alone", "LSTM, input bias alone"]
LSTMS = ["LSTM", *HALVES, "LSTM, keeping start"]
COLUMNS = (0.032, 0.064, 0.064)  # setting


def early_and_late(T, networks, batch, g):
    """The second bell in 11 to 14 for two thirds of the networks, else in 15 to 20."""
    n = networks // 3
    early = adding(T, 2 * n, batch, g, (0.5, 0.7))
    late = adding(T, n, batch, g, (0.7, 1.0))
    return torch.cat([early[0], late[0]], 1), torch.cat([early[1], late[1]])


def who_hears(names):
    """How many of twelve hear, in each column."""
    entries = [(name, lr) for lr in COLUMNS for name in names]
    _, taught = lessons(entries, SEEDS, STEPS, 20, 24, early_and_late)  # setting
    test = early_and_late(20, SEEDS * len(entries), 100, seeded(23))
    off = errors(cast(names[0])[0], taught[STEPS], *test).view(3, len(names), SEEDS)
    return dict(zip(names, (off < HEARS).sum(2).T.tolist()))


def print_hearing(names):
    print("                         no bell in the last six   none in the four before")
    print("hear                         of 24 (two rates)               of 12")
    for name in names:
        first, second, control = heard_when[name]
        print(f"{name:24}{first + second:15}{control:24}")


heard_when = who_hears([*LSTMS, "LSTM, tied"])  # the last one waits for its turn
print_hearing(LSTMS)

# %% [markdown]
r"""
Without bells in the last six, and in 350 steps of training, hardly any LSTM hears with neither bias, few with the forget bias alone, some with the input bias alone; with both most do. The forget bias alone has the *longest* reach of the four before training: the path is there, but the door to 18 unwanted numbers stands half open: a path is not all. In the control at least half of each kind hear.

(sq-tied)=
**And the GRU?** Torch's starts with gates near one half, too. But its two decisions are tied: [what it does not keep, it writes](#eq-sq-gru). Beside it runs an LSTM from the library's start with this *tie*, and so a quarter fewer free weights: $i_t=1-f_t$. Which of the two hears?
"""

# %% tags=["set-up"]
heard_when |= who_hears(["GRU"])
print_hearing(["LSTM", "LSTM, tied", "GRU"])

in_silence = {name: sum(v[:2]) for name, v in heard_when.items()}  # of 24
one_or_none, both_biases = [in_silence[k] for k in LSTMS[:3]], in_silence[LSTMS[3]]
p, q = both_biases / 24, max(one_or_none) / 24
lead_by_chance = math.sqrt((p + q) * (1 - (p + q) / 2) / 24)  # if there were no lead

# %% [markdown]
r"""
Both do: the tie is *enough* for an LSTM. That it is also the GRU's secret is a guess. To keep alone helped little, to shut the door alone somewhat; in a tied cell a unit that learns to keep has shut its door.

So the answer to the opening is not the name of a cell alone. What carried a memory in the LSTMs here, and by all appearances in the ReLU networks, is a *path on which the state passes unchanged* and, where there are gates, *a door that is shut* to what does not matter. The opening's hint, the reach before training, was neither needed nor enough: the GRU's is less than a fiftieth of the keeping LSTM's, and it hears; the forget bias alone has a longer one, and seldom does.

In one number, the lead of both biases over one or none, as a share of networks:
"""


# %%
headline(
    "no bell in the last six of 20 steps: share of 24 LSTMs that hear with both biases, "
    "less the best share with one or none; two standard errors",
    p - q,
    2 * lead_by_chance,
    sense="at least",
    rtol=0.01,
)

# %% tags=["checks"]
x, y = adding(20, 1, 20_000, seeded(30))
verify(
    "two bells, one in each half of a list",
    x[..., 1].unflatten(0, (2, 10)).sum(1).unique(),
    np.ones(1),
)
verify_within_se("squared error of always answering 1", (y[0] - 1.0) ** 2, 1 / 6)
first_heard = (x[:10, 0, :, 0] * x[:10, 0, :, 1]).sum(0)
verify_within_se(
    "error of someone who hears one bell and guesses ½ for the other",
    (y[0] - first_heard - 0.5) ** 2,
    1 / 12,
)

best = "LSTM, keeping start"
verify_at_most(
    "of 12 that hear in 350 steps: ReLU from the library's start, tanh from both",
    [hearing[name, STEPS] for name in ("ReLU", *TEAMS[0])],
    1,
)
keeping = [team[1] for team in TEAMS[1:]]
verify_at_least(
    "… with the keeping start, ReLU and LSTM: at least half",
    [hearing[name, STEPS] for name in keeping],
    SEEDS / 2,
)
verify_at_most(
    "the library's LSTM: of 12 that hear in 175 steps", hearing["LSTM", STEPS // 2], 3
)
verify(
    "… in 350 steps: about half, within two standard errors",
    hearing["LSTM", STEPS],
    SEEDS / 2,
    atol=2 * math.sqrt(SEEDS) / 2,  # two standard errors
)
verify_at_least(
    "… hearing networks over all blocks of 50 steps: with the keeping start over without",
    (curves[best] < HEARS).sum() / (curves["LSTM"] < HEARS).sum(),
    1.5,
)
sizes = [sum(graduates[k, 0][n][0].numel() for n in "UWb") for k in keeping]
verify(
    "weights of the ReLU network over those of the LSTM",
    sizes[0] / sizes[1],
    1.0,
    atol=0.05,
)
verify(
    "chosen rates on an edge of the grid: both LSTMs and the keeping ReLU; the others",
    [
        sum(rate[k] != GRIDS[RIVALS[k][0]][1] for k in names)
        for names in (list(RIVALS)[3:], list(RIVALS)[:3])
    ],
    [0, 3],
)
verify_at_least(
    "350 steps: median error of each other over that of gates and start together",
    [middle[k, STEPS] / middle[best, STEPS] for k in RIVALS if k != best],
    2,
)
verify_at_most(
    "no bell in the last six: of 24 LSTMs that hear with no bias, forget bias, input bias",
    one_or_none,
    [24 / 12, 24 / 3, 24 / 2],
)
verify_at_least(
    "… with both; and from the library's start: the tied LSTM, the GRU",
    [both_biases, in_silence["LSTM, tied"], in_silence["GRU"]],
    [24 / 2 + 1, 5 * 24 / 6, 5 * 24 / 6],
)
late = [v[2] for v in heard_when.values()]
verify_at_least(
    "no bell in the four before: of twelve that hear, each kind, and on average",
    [min(late), np.mean(late)],
    [12 / 2, 3 * 12 / 4],
)
P, g = {k: v.double() for k, v in fresh("gru", False, 1, 4, 0).items()}, seeded(32)
x, y = (v.double() for v in adding(9, 1, 5, g))
torch_gru, rows = nn.GRU(2, 4), lambda p, last: torch.cat([p[0].T[:8], p[0].T[last:]])
for p, value in zip(
    torch_gru.parameters(),
    (
        rows(P["U"][..., :12], 8),
        rows(P["W"], 12),
        P["b"][0, 0, :12],
        F.pad(P["b"][0, 0, 12:], (8, 0)),
    ),
):
    p.data = value.clone()
((torch_gru(x[:, 0])[0][-1] @ P["V"][0])[:, 0] * y[0]).sum().backward()
by_hand_gru, by_torch_gru = backward("gru", P, x, y[..., None]), torch_gru.weight_hh_l0
verify(
    "nine steps of torch's nn.GRU: its last state, and the slopes in its weights",
    torch.cat(
        [
            forward("gru", P, x)[0][-1, 0].flatten(),
            rows(by_hand_gru["W"], 12).flatten(),
            rows(by_hand_gru["U"][..., :12], 8).flatten(),
        ]
    ),
    torch.cat(
        [
            torch_gru(x[:, 0])[0][-1].flatten(),
            by_torch_gru.grad.flatten(),
            torch_gru.weight_ih_l0.grad.flatten(),
        ]
    ),
    atol=1e-12,
)
gru_size = sum(p.numel() for p in nn.GRU(2, 9).parameters())
verify(
    "weights of the GRU over those of the LSTM",
    gru_size / sum(graduates["LSTM", 0][n][0].numel() for n in "UWb"),
    1.0,
    atol=0.05,
)
P = contestant("LSTM, tied", 6, 3)
for _ in school(
    "lstm", P, torch.full((6,), 0.03), 5, seeded(33), tied=torch.ones(6) > 0
):
    pass
gates = forward("lstm", P, adding(20, 6, 8, seeded(34))[0])[1]
verify(
    "the tied LSTM after five steps: input gate plus forget gate",
    gates[..., :8] + gates[..., 8:16],
    np.ones((20, 6, 8, 8)),
    atol=1e-5,
)
x = early_and_late(20, 3, 1000, seeded(31))[0]
verify(
    "bells before step 11, in 11 to 14, in 15 to 20: the three columns",
    [v[..., 1].sum(0).mean(1) for v in x.split((10, 4, 6))],
    [[1, 1, 1], [1, 1, 0], [0, 0, 1]],
)


def first_reach(name):
    """Median over fresh networks of how far the first number moves the answer."""
    P, (x, _) = contestant(name, 20, 3), adding(20, 20, 16, seeded(4))
    slopes = backward(cast(name)[0], P, x, torch.ones(20, 16, 1).float(), True)
    return slopes[0, ..., 0].abs().mean(1).median().item()


verify_at_most(
    "reach of the first number before training: input bias alone, over library's start",
    first_reach(HALVES[1]) / first_reach("LSTM"),
    0.5,
)
verify_at_least(
    "… forget bias alone, over both biases",
    first_reach(HALVES[0]) / first_reach("LSTM, keeping start"),
    1.5,
)
verify_at_most(
    "… tied LSTM and GRU, over that of the LSTM with the keeping start",
    [
        first_reach(name) / first_reach("LSTM, keeping start")
        for name in ("LSTM, tied", "GRU")
    ],
    1 / 50,
)
verify_at_least(
    "… keeping tanh, over that of the LSTM with the keeping start",
    (reaches["tanh, keeping start"][0] / reaches["LSTM, keeping start"][0]).item(),
    1,
)

# %% [markdown]
r"""
(sq-gates)=
## Looking at the gates

What did the winner learn? Here is one of its networks, the one whose memories stay smallest, on the list of the opening. Rows are units, each memory on a scale of its own (blue: positive, red: negative). Which of them could hold the answer? The lowest panel shows the one that the read-out listens to most.
"""


# %% tags=["picture"] mystnb={"image": {"alt": "A trained LSTM on twenty steps. Two heat maps of eight units: input gates, pale everywhere but for two units' dark cells at the two bells; memories, each row on its own scale, some of which fade in slowly like clocks while the marked one turns dark red at the first bell and pale blue at the second. Below, that one memory as a line: it rises slowly and evenly, with a long step down at the first bell, whose number is small, and a shorter one up at the second."}}
opening_list, opening_sum = adding(20, 1, 1, seeded(12))
hear_it = results["LSTM, keeping start", STEPS] < HEARS
winners = {k: p[hear_it] for k, p in graduates["LSTM, keeping start", STEPS].items()}
HEARERS = int(hear_it.sum())
largest = forward("lstm", winners, opening_list.expand(-1, HEARERS, -1, -1))[2].abs()
calm = int(largest.amax((0, 2, 3)).argmin())  # the seed of the smallest memories
winner = {k: p[[calm]] for k, p in winners.items()}


def heeded(P, x):
    """The unit that the read-out listens to most: |V| times the spread of its state."""
    return int(
        (P["V"][0, :, 0].abs() * forward("lstm", P, x)[0][-1, 0].std(0)).argmax()
    )


_, gates, memories = forward("lstm", winner, opening_list)
memories, rung = memories[1:, 0, 0], opening_list[:, 0, 0, 1].numpy() > 0  # (T, 8)
heeded_unit = heeded(winner, adding(20, 1, 500, seeded(36))[0])
fig, axes = plt.subplots(
    3, 1, figsize=(6.8, 4.3), sharex=True, height_ratios=(1, 1, 0.8)
)
own_scale = memories / memories.abs().amax(0)
for ax, values, look in (
    (axes[0], gates[:, 0, 0, :8], {"vmin": 0, "vmax": 1, "cmap": "Blues"}),
    (axes[1], own_scale, {"vmin": -1, "vmax": 1, "cmap": "RdBu"}),
):
    ax.imshow(values.T, aspect="auto", extent=(0.5, 20.5, 8.5, 0.5), **look)
    ax.set_yticks([])
    ax.grid(False)
axes[0].set_ylabel("input gates")
axes[1].set_ylabel("memories")
axes[1].text(20.7, heeded_unit + 1, "◂", color=plot.RED, va="center", fontsize=12)
axes[2].step(range(1, 21), memories[:, heeded_unit], where="mid", color=plot.BLUE)
axes[2].set(xlabel="step $t$", xlim=(0.5, 21), xticks=range(5, 21, 5))
axes[2].set_ylabel("that row")
for t in np.flatnonzero(rung):
    u = opening_list[t, 0, 0, 0]
    axes[0].text(t + 1, 0.2, f"bell, {u:.2f}", ha="center", color=plot.RED, fontsize=9)
    axes[2].axvline(t + 0.5, color=plot.RED, lw=1, ls=":")
plt.show()

# %% tags=["set-up"]
many_lists, many_sums = adding(20, 1, 800, seeded(31))
ringing = many_lists[:, 0, :, 1] > 0


def gate_means(P):
    """Input gates at bells and elsewhere, forget gates elsewhere: one number a unit."""
    few = many_lists[:, :, :250]
    A, rung = forward("lstm", P, few)[1][:, 0], few[:, 0, :, 1] > 0  # A (T, lists, 32)
    i, f = A[..., :8], A[..., 8:16]
    return i[rung].mean(0), i[~rung].mean(0), f[~rung].mean(0)


print("networks that hear,               input gates of the most     its forget")
print("median                            responsive unit             gate")
print("                                  at bells     elsewhere      elsewhere")
gate_table = {}  # (networks that hear, 3)
for name in TEAMS[2]:
    for when, steps in (("before", 0), ("after", STEPS)):
        rows = []
        for s in torch.argwhere(results[name, STEPS] < HEARS)[:, 0].tolist():
            nets = graduates[name, steps]
            at, off, f = gate_means({k: p[[s]] for k, p in nets.items()})
            k = int((at - off).abs().argmax())
            rows.append([at[k].item(), off[k].item(), f[k].item()])
        gate_table[name, when] = np.array(rows)
        row = np.median(rows, 0)
        print(f"{name:22}{when:8}{row[0]:10.2f}{row[1]:14.2f}{row[2]:15.2f}")

# %% [markdown]
r"""
Nobody told the input gate about bells. After training it opens at them, in the median more than half way, and is nearly shut elsewhere; that unit's forget gate stands near one. Before training, with the library's start, the forget gate stood near one half.

And the answer? In the memory that the read-out listens to most there is a slow, even drift and a step at each bell. But the steps go *opposite* ways, one way at the first bell with its small number, the other way at the second with its larger one: a bell adds (the read-out sees to sign and scale) not $u$ but about $u-u_0$. With two bells in every list, the missing $2u_0$ can be a constant.

Such a network has not learnt to add; it has learnt to add *two*. If that is so, its answer with $n$ bells is off by about $(2-n)\,u_0$, and one taught with none to three bells should have no $u_0$:
"""


# %% tags=["set-up"]
def rung_times(n, g, lists=1000):
    """Lists of twenty numbers with n bells anywhere, and the sums."""
    u, bell = torch.rand(20, 1, lists, generator=g), torch.zeros(20, 1, lists)
    bell.scatter_(0, torch.rand(20, 1, lists, generator=g).argsort(0)[:n], 1.0)
    return torch.stack([u, bell], -1).float(), (u * bell).sum(0).float()


def any_bells(T, groups, batch, g):
    """Lists like those of `adding`, but with none, one, two or three bells anywhere."""
    u, n = (
        torch.rand(T, groups, batch, generator=g),
        torch.randint(0, 4, (groups, batch), generator=g),
    )
    place = torch.rand(T, groups, batch, generator=g).argsort(0).argsort(0)
    bell = (place < n).to(u)
    return torch.stack([u, bell], -1).float(), (u * bell).sum(0).float()


free = contestant("LSTM, keeping start", 4, 44)
own_rate = torch.full((4,), rate["LSTM, keeping start"]).float()
for _ in school("lstm", free, own_rate, 250, seeded(45), lists=any_bells):
    pass
free_offset, free_error = np.zeros((2, 5, 4))
offset = np.zeros((5, HEARERS))
for n in range(5):
    x, y = rung_times(n, seeded(34), 250)
    said = answers("lstm", winners, x.expand(-1, HEARERS, -1, -1)).numpy()
    offset[n] = (said - y.numpy()).mean(1)
    said = answers("lstm", free, x.expand(-1, 4, -1, -1)).numpy()
    free_offset[n] = (said - y.numpy()).mean(1)
    free_error[n] = ((said - y.numpy()) ** 2).mean(1)
print("answer less sum     taught with two bells     taught with none to three")
print("bells                     median                 largest of four")
for n, off in enumerate(offset):
    most = free_offset[n][np.abs(free_offset[n]).argmax()]
    print(f"{n:5}{np.median(off):26.2f}{most:26.2f}")

# %% [markdown]
r"""
So it is. Every bell too many or too few costs the winners about the same. Fresh networks of the same kind, taught with none to three bells in fewer steps, are off by far less, even with four, which they never met. (Nor do they merely count: with one to three bells their squared error is less than half of what counting gives.) What is the same in all that one trains with, a network need not learn.

**Play with it.** Drag the numbers (or use the arrow keys), click the bells on and off, and watch gates and memories. Ring a third bell. Then change the network: the one set by hand, the winner, an LSTM that learnt without the keeping start, and the same one before training.
"""


# %% tags=["set-up"]
def plain(P):
    """Weights of one network, rounded, as lists for the page."""
    listed = {
        k: np.round(P[k][0].double().numpy(), 4) for k in ("U", "W", "b", "V", "c")
    }
    return {
        "U": listed["U"].tolist(),
        "W": listed["W"].tolist(),
        "b": listed["b"][0].tolist(),
        "V": listed["V"][:, 0].tolist(),
        "c": float(listed["c"][0, 0]),
    }


late = int(results["LSTM", STEPS].argmin())
BELL_NETS = {
    "set by hand": {
        "U": by_hand[:, :2].T.tolist(),
        "W": [[0.0] * 4],
        "b": by_hand[:, 2].tolist(),
        "V": [10.0],
        "c": 0.0,
    },
    "keeping start, trained": plain(winner),
    "library's start, trained": plain(
        {k: p[[late]] for k, p in graduates["LSTM", STEPS].items()}
    ),
    "library's start, untrained": plain(
        {k: p[[late]] for k, p in graduates["LSTM", 0].items()}
    ),
}


def bell_truth(state):
    """Gates, memories and answers of one of the networks on the state's list."""
    net = {k: torch.tensor(v) for k, v in BELL_NETS[state["net"]].items()}
    h = c = torch.zeros(len(net["V"]))
    out = [[], [], [], []]
    for v in zip(state["u"], state["bell"]):
        v = torch.tensor(v, dtype=torch.float64)
        i, f, *_ = (h @ net["W"] + v @ net["U"] + net["b"]).chunk(4)
        h, c = lstm_step(v, h, c, net["W"].T, net["U"].T, net["b"])
        for series, value in zip(out, (sigma(i), sigma(f), c, h @ net["V"] + net["c"])):
            series.append(value.reshape(-1).tolist())
    return out


def bell_state(rng):
    return {
        "net": list(BELL_NETS)[rng.integers(4)],
        "u": rng.random(20).round(2).tolist(),
        "bell": (rng.random(20) < 0.15).astype(int).tolist(),
    }


# %% tags=["picture"]
def bell_picture(state):
    i, f, c, y = bell_truth(state)
    fig, axes = plt.subplots(5, 1, figsize=(6.8, 4.6), sharex=True)
    rung, steps = np.array(state["bell"]), np.arange(20)
    axes[0].bar(steps, state["u"], color=np.where(rung, plot.RED, "#C3CCD6"))
    for ax, values in zip(axes[1:4], (i, f, c)):
        ax.imshow(np.array(values).T, aspect="auto", cmap="Blues")
        ax.set_yticks([])
        ax.grid(False)
    axes[4].plot(steps, np.array(y)[:, 0], color=plot.BLUE)
    axes[4].axhline(np.dot(state["u"], rung), color=plot.RED, ls="--")
    for ax, name in zip(axes, ("numbers", "input", "forget", "memory", "answer")):
        ax.set_ylabel(name, fontsize=9)
    return fig


bell_opening = {"net": "keeping start, trained"} | {
    k: v for k, v in bell_state(np.random.default_rng(32)).items() if k != "net"
}
bell_opening["bell"] = [int(t in (3, 13)) for t in range(20)]
rng = np.random.default_rng(33)
live(
    "bell",
    {
        "nets": BELL_NETS,
        "open": bell_opening["net"],
        "u": bell_opening["u"],
        "bell": bell_opening["bell"],
    },
    still=bell_picture(bell_opening),
    states=[bell_state(rng) for _ in range(20)],
    truth=bell_truth,
    alt="A list of twenty numbers and bells that can be changed; below it the input gates, forget gates and memories of a small LSTM step by step, and its answer beside the sum asked for",
)

# %% [markdown]
r"""
**Try it.** Which forget bias leaves half of a memory after 100 steps without a bell?
"""

# %% tags=["yours"]
half_life_bias = ...  # a number

exercise("sq-half-life").check(half_life_bias)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$f=2^{-1/100}$ and $b=\ln\frac f{1-f}\approx4.97$.

```python
f_half = 0.5 ** (1 / 100)
half_life_bias = math.log(f_half / (1 - f_half))
```

</details>
"""

# %% tags=["checks"]
after = gate_table["LSTM, keeping start", "after"]
verify_at_least(
    "keeping start, after: how much further the most responsive gate is open at bells, "
    "the least and the median of those that hear",
    [(after[:, 0] - after[:, 1]).min(), np.median(after[:, 0] - after[:, 1])],
    [0.1, 0.3],
)
verify_at_most(
    "… and how far it is open elsewhere, median", np.median(after[:, 1]), 0.1
)
verify_at_least(
    "… and that unit's forget gate elsewhere, median", np.median(after[:, 2]), 0.9
)
before, after = (gate_table["LSTM", when][:, 2] for when in ("before", "after"))
verify(
    "library's start, before: that unit's forget gate, near one half",
    before,
    np.full(len(before), 1 / 2),
    atol=0.25,
)
verify_at_least(
    "library's start, after: that unit's forget gate, median", np.median(after), 0.9
)
four_bells, four_sums = rung_times(4, seeded(37), 20)
hand_says = [
    10 * torch.tanh(hand_cell(v.double())[-1, 4])
    for v in four_bells[:, 0].transpose(0, 1)
]
verify(
    "four bells: what the cell set by hand says",
    torch.stack(hand_says),
    four_sums[0].double(),
    atol=10 / 3 * (4 * 0.1**3 + 0.4**3),
)
u0 = []
for s in [*range(HEARERS), calm]:  # the winner last
    one = {k: p[[s]] for k, p in winners.items()}
    unit = heeded(one, many_lists)
    kept_there = forward("lstm", one, many_lists)[2][:, 0, :, unit].double()
    change = kept_there[1:] - kept_there[:-1]  # (T, lists)
    at_bells = torch.stack([many_lists[:, 0, :, 0][ringing].double(), change[ringing]])
    slope = torch.cov(at_bells)[0, 1] / at_bells[0].var()
    u0.append((at_bells[0].mean() - at_bells[1].mean() / slope).item())
verify_at_least(
    "that memory's changes at bells: correlation with the number",
    torch.corrcoef(at_bells)[0, 1].abs(),
    0.95,
)
verify_at_most(
    "… and its changes elsewhere, spread over that at bells",
    change[~ringing].std() / change[ringing].std(),
    0.05,
)
wrong_by = {}
for T in (10, 20):
    x, y = adding(T, 1, 800, seeded(39))
    wrong_by[T] = (answers("lstm", winner, x) - y).mean().item()
verify_at_least(
    "lists of 10 are answered too low, by how much more than those of 20",
    wrong_by[20] - wrong_by[10],
    0.03,
)
silent = many_lists.clone()
silent[..., 1] = 0
verify_at_least(
    "bells silenced: the read-out's constant over the answer",
    winner["c"].item() / answers("lstm", winner, silent).mean().item(),
    1 / 2,
)
verify(
    "u₀ read off such changes: off with 0, 1, 3, 4 bells, medians of those that hear",
    np.median(offset[[0, 1, 3, 4]], 1),
    [(2 - n) * np.median(u0[:-1]) for n in (0, 1, 3, 4)],
    rtol=0.2,
)
units = offset[[0, 3, 4]] / offset[1]  # (3, networks)
verify(
    "off with 0, 3 and 4 bells, in units of that with one: median of those that hear",
    np.median(units, 1),
    [2, -1, -2],
    rtol=0.15,
)
verify_at_most(
    "taught with none to three bells: offsets with none to four, over the others' median with 0 or 3",
    np.abs(free_offset).max() / np.median(np.abs(offset[[0, 3]])),
    0.4,
)
verify_at_most(
    "… their worst squared errors with 1 to 3 bells, over those of counting",
    free_error[1:4].max(1) / (np.arange(1, 4) / 12),
    1 / 2,
)
muffled = many_lists.clone()
muffled[..., 1] = 0
verify_at_least(
    "the winner without bells: its error over that of hearing both",
    (
        errors("lstm", winner, muffled, many_sums)
        / errors("lstm", winner, many_lists, many_sums)
    ).item(),
    20,
)

# %% [markdown]
r"""
(sequential-data)=
## Reading English

So far we knew what had to be remembered. In a text nobody tells. A *sequence* is an ordered list of observations $x_1,\dots,x_T$: letters, samples of a sound, the path of a particle. One can label it, turn it into another, or, without any labels, guess its next element.

(tokenization-words-characters)=
First one says what a symbol is: "the little brown fox" is 4 words or 20 characters. We take 27 symbols, small letters and the blank.

(autoregressive-modelling)=
**Guess the next.** A model reads $x_{<t}=(x_1,\dots,x_{t-1})$ and gives the true next symbol the probability $q_t=q(x_t\mid x_{<t})$; the loss is the surprise, $-\ln q_t$. The word `hello!` is a lesson of five questions: after `h` comes `e`, after `he` comes `l`, and so on.

(autoregressive-sequence-factorization)=
Nothing is lost by going one step at a time. For every distribution the product rule says

$$
p(x_1,\dots,x_T)=\prod_{t=1}^Tp(x_t\mid x_{<t}) .
$$ (eq-sq-chain)

(perplexity)=
**The score.** If $q_t$ was $\frac12,\frac14,\frac12$, the model was surprised by $1,2,1$ bits, on average $\frac43$: as if it had to choose between $2^{4/3}\approx2.5$ equally likely symbols. This is its *perplexity*,

$$
\mathrm{PPL}=2^H,\qquad H=-\frac1N\sum_{t=1}^N\log_2q_t\text{ bits}
$$ (eq-sq-ppl)

(or $e^H$ with $H$ in nats).

**How low can it get?** Let the text come from $p$, and $p_t=p(x_t\mid x_{<t})$. Then $-\ln q_t=-\ln p_t+\ln(p_t/q_t)$, on average

$$
\mathbb E[-\ln q_t]=\underbrace{\mathbb E[-\ln p_t]}_{\text{entropy of the next symbol}}+\underbrace{\mathbb E[\ln(p_t/q_t)]}_{\text{mean divergence}} .
$$ (eq-sq-entropy-rate)

Given the past, the second mean is a [Kullback–Leibler divergence](#kl-divergence), never negative. In a stationary text the entropy falls with $t$ to the *entropy rate*, so no expected loss is below it. **A model that beats it on new text, by more than luck, has seen the answer.**
"""


# %% tags=["set-up"]
CHAIN = np.array([[0.88, 0.08, 0.04], [0.10, 0.80, 0.10], [0.06, 0.06, 0.88]])


def markov_text(T, P, rng):  # symbols, each drawn given the last
    cumulative, u, s = np.cumsum(P, 1), rng.random(T), [0]
    for t in range(1, T):
        s.append(int((u[t] > cumulative[s[-1], :-1]).sum()))
    return np.array(s)


def minimise(loss, parameters, steps=300):
    """Full-batch LBFGS in place; returns the value reached."""
    opt = torch.optim.LBFGS(
        parameters,
        max_iter=steps,
        tolerance_grad=1e-10,
        tolerance_change=1e-15,
        line_search_fn="strong_wolfe",
    )

    def closure():
        opt.zero_grad()
        value = loss()
        value.backward()
        return value

    opt.step(closure)
    return loss().item()


chain_text = markov_text(20_001, CHAIN, np.random.default_rng(40))
chain_share = np.linalg.matrix_power(CHAIN, 500)[0]
chain_rate = -(chain_share[:, None] * CHAIN * np.log(CHAIN)).sum()

# %% [markdown]
r"""
(sq-alice)=
**A real text.** The first chapter of *Alice's Adventures in Wonderland* {cite:p}`carroll1865` is there to learn from, its last tenth to choose by; the test is the beginning of the second. A tanh network of 72 units meets an LSTM of 32, with about as many weights; 150 steps, two seeds each. Their rival counts: the *leaning* $n$-gram of [the next chapter](#eq-tf-witten-bell) mixes what followed the last $n-1$ letters with the guess from one letter less.
"""

# %% tags=["set-up"]
alice, alice_new = data.alice()
ALPHABET = " abcdefghijklmnopqrstuvwxyz"
encode = lambda text: torch.tensor([ALPHABET.index(c) for c in text])
CONTEXT = 16  # setting
learn_from, choose_by = alice[: len(alice) * 9 // 10], alice[len(alice) * 9 // 10 :]


class Reader(nn.Module):
    """A recurrent network that gives a score to each next letter."""

    def __init__(self, kind, m):
        super().__init__()
        self.net, self.out = kind(27, m, batch_first=True), nn.Linear(m, 27)

    def forward(self, x, state=None):  # x (batch, T) letters as numbers
        h, state = self.net(F.one_hot(x, 27).to(self.out.weight.dtype), state)
        return self.out(h), state


def teach(kind, m, lr, seed, steps=60, length=16):
    torch.manual_seed(seed)
    model = Reader(kind, m).float()
    windows = encode(learn_from).unfold(0, length + 1, 1)
    opt = torch.optim.Adam(model.parameters(), lr, fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(opt, lr, total_steps=steps)
    for _ in range(steps):
        x = windows[torch.randint(len(windows), (20,))]
        loss = F.cross_entropy(model(x[:, :-1])[0].flatten(0, 1), x[:, 1:].flatten())
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        cycle.step()
    return model


@torch.no_grad()
def surprise(model, text, k=CONTEXT):
    """Nats for each letter from the 17th on, when only the k letters before are read."""
    x = encode(text)[CONTEXT - k :].unfold(0, k + 1, 1)
    return F.cross_entropy(
        model(x[:, :-1])[0][:, -1], x[:, -1], reduction="none"
    ).numpy()


def tables_of(text, n):
    """For every past of fewer than n letters, what followed it how often."""
    found = {}
    for m in range(n):
        for i in range(m, len(text)):
            found.setdefault(text[i - m : i], Counter())[text[i]] += 1
    return found


def leaning(found, n, text, harder=1):
    """Nats for each letter from the 17th on, by an n-gram that leans on shorter ones."""
    out = []
    for i in range(CONTEXT, len(text)):
        p = 1 / 27
        for m in range(n):
            after = found.get(text[i - m : i], ())
            if after:
                N, kinds = sum(after.values()), harder * len(after)
                p = (after[text[i]] + kinds * p) / (N + kinds)
        out.append(-math.log(p))
    return np.array(out)


counted = tables_of(learn_from, 6)
best_n = min(range(1, 7), key=lambda n: leaning(counted, n, choose_by).mean())
readers, reader_rate = {}, {}
READ_RATES = {nn.RNN: (0.01, 0.03, 0.09), nn.LSTM: (0.08, 0.24, 0.72)}  # setting
for kind, m in ((nn.RNN, 72), (nn.LSTM, 32)):
    tried = {lr: teach(kind, m, lr, 0) for lr in READ_RATES[kind]}
    loss = lambda lr: surprise(tried[lr], choose_by).mean()
    lr = reader_rate[kind] = min(tried, key=loss)
    readers[kind] = [teach(kind, m, lr, k, steps=150) for k in range(2)]  # setting
read_scores = {
    "letters by frequency": [leaning(counted, 1, alice_new)],
    f"leaning {best_n}-gram": [leaning(counted, best_n, alice_new)],
}
for kind, name in ((nn.RNN, "tanh network, 72"), (nn.LSTM, "LSTM, 32")):
    read_scores[name] = [surprise(net, alice_new) for net in readers[kind]]
print("                     nats a letter, each seed   perplexity")
for name, nats in read_scores.items():
    means = [v.mean() for v in nats]
    each = "  ".join(f"{v:.2f}" for v in means)
    print(f"{name:21}{each:>24}{np.exp(np.mean(means)):13.1f}")


# %% [markdown]
r"""
Counting, from the same letters, beats these two small networks, which stop after 150 steps. The tanh network, whose kind heard no bell in the race, is only a little more than a tenth of a nat behind the LSTM. What is memory worth here? Let each read only the last $k$ letters before its guess. Before you look: from which $k$ on does more not help?
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Nats a letter against the number of letters read before. Tanh network and LSTM fall steeply up to about four letters and are level after eight, the tanh network a little above the LSTM; a dotted line below both is the best table of counts."}}
READ_BACK = (1, 2, 3, 4, 6, 8, 16)
worth = {
    name: [[surprise(n, alice_new, k).mean() for k in READ_BACK] for n in readers[kind]]
    for name, kind in (("tanh network", nn.RNN), ("LSTM", nn.LSTM))
}
fig, ax = plt.subplots(figsize=(6.8, 3.0))
best_table = read_scores[f"leaning {best_n}-gram"][0].mean()
ax.axhline(best_table, color=plot.GREY, ls=":", label=f"leaning {best_n}-gram")
for (name, values), colour in zip(worth.items(), (plot.BLUE, plot.RED)):
    ax.plot(READ_BACK, np.mean(values, 0), "o-", color=colour, label=name)
    for one in values:
        ax.plot(READ_BACK, one, color=colour, lw=0.6)
ax.set(xlabel="letters read before the guess", ylabel="nats a letter")
ax.legend()
plt.show()

# %% [markdown]
r"""
Most of the gain comes from the last four letters; beyond eight there is nothing more *that these networks, taught on pieces of 16, have learnt to use*. With one letter the two are level; with two the tanh network already has most of its lag. What separates them here is mostly the use of the last two letters, not a long memory. And the 4-gram, which beats both, reads three letters.
"""

# %% tags=["checks"]
seen_pairs = chain_text[:-1], chain_text[1:]
surprises = lambda q: -np.log(q[seen_pairs]).reshape(200, -1).mean(1)  # 200 pieces
verify_within_se(
    "the truth itself on 200 pieces of text: the entropy rate",
    surprises(CHAIN),
    chain_rate,
)
other = np.random.default_rng(41).dirichlet(np.ones(3), 3)
verify_within_se(
    "some other table: the entropy rate and its divergence from the truth",
    surprises(other),
    chain_rate + (chain_share[:, None] * CHAIN * np.log(CHAIN / other)).sum(),
)
tiny, tiny_out = nn.RNNCell(3, 5), nn.Linear(5, 3)


def string_chance(s):
    h, p = torch.zeros(1, 5), 1.0
    for symbol in s:
        p = p * F.softmax(3 * tiny_out(h), -1)[0, symbol].item()
        h = tiny(torch.eye(3)[[symbol]], h)
    return p


verify(
    "a network's probabilities of all 81 strings of four symbols: their sum",
    sum(string_chance(s) for s in itertools.product(range(3), repeat=4)),
    1.0,
    atol=1e-10,
)
three_bits = -np.log2([1 / 2, 1 / 4, 1 / 2]).mean()
verify(
    "perplexity of ½, ¼, ½: the geometric mean of 2, 4 and 2",
    2**three_bits,
    (2 * 4 * 2) ** (1 / 3),
    rtol=1e-12,
)
total = {name: np.mean([v.mean() for v in nats]) for name, nats in read_scores.items()}
verify_at_least(
    "tanh and LSTM: what they lack to the best table (nats)",
    [
        total[name] - total[f"leaning {best_n}-gram"]
        for name in ("tanh network, 72", "LSTM, 32")
    ],
    0.02,
)
verify(
    "chosen rates on an edge of the grid",
    sum(lr != READ_RATES[kind][1] for kind, lr in reader_rate.items()),
    0,
)
means = {name: np.mean(values, 0) for name, values in worth.items()}
verify_at_least(
    "share of the gain from 1 to 16 letters that the first four give, both networks",
    [(v[0] - v[3]) / (v[0] - v[-1]) for v in means.values()],
    0.75,
)
behind = means["tanh network"] - means["LSTM"]
verify(
    "the tanh network's lag when both read two letters, over that when they read 16",
    behind[1] / behind[-1],
    1.0,
    atol=0.5,
)
verify_at_most(
    "what the letters beyond the eighth change, both networks (nats)",
    [abs(v[5] - v[-1]) for v in means.values()],
    0.05,
)

# %% [markdown]
r"""
(sequential-sampling)=
## Letting it write

A model that guesses the next letter can write. Compute the distribution of the next symbol, draw, append, repeat: *ancestral sampling*, [the product](#eq-sq-chain) read from left to right. A *temperature* $\tau$ sharpens or flattens, $p_\tau\propto p^{1/\tau}$: from probabilities $0.8,0.2$ the temperature $\frac12$ makes $0.64:0.04$, that is $0.94,0.06$. Towards $\tau=0$ it becomes *greedy* decoding, always the likeliest symbol. Move it.
"""


# %%
@torch.no_grad()
def write(model, start, n, tau, seed):
    x, state, text = encode(start)[None], None, start
    for _ in range(n):
        z, state = model(x, state)  # only the newest letter is read, the rest is state
        p = F.softmax(z[0, -1] / tau, -1)
        x = torch.multinomial(p, 1, generator=seeded(seed + len(text)))[None]
        text += ALPHABET[x.item()]
    return text


# %% tags=["set-up"]
writer = readers[nn.LSTM][0]
for tau in (0.05, 0.5, 1.0):
    print(f"τ = {tau:4}: {write(writer, 'alice was ', 66, tau, 1)}")


# %% tags=["picture"]
def heat(tau):
    fig, ax = plt.subplots(figsize=(6.8, 2.3))
    with torch.no_grad():
        z = writer(encode("alice went t")[None])[0][0, -1]
    p = F.softmax(z / tau, -1)
    ax.bar(range(27), p, color=plot.BLUE)
    ax.set_xticks(range(27), ["␣", *ALPHABET[1:]])
    entropy = -(p * p.clamp(min=1e-30).log()).sum().item()
    ax.set(
        ylim=(0, 1.05),
        title=f"after “alice went t”, τ = {tau:g}: entropy {entropy:.2f} nats",
    )
    return fig


explore(
    heat,
    tau=[1.0, 0.1, 0.5, 5.0],
    alt="Probabilities of the letter after alice went t; at a low temperature only h is left, at a high one all 27 symbols are nearly equal",
)

# %% [markdown]
r"""
In training it read the *true* letters before ([*teacher forcing*](#teacher-forcing)); now it reads its own. At $\tau=0.05$ it goes round in circles.

**A common slip**: "greedy decoding writes the most probable text." The best symbol at every step need not lead to the best whole.

**Try it.** Two letters, two steps. Give $p(x_1)$ and $p(x_2\mid x_1)$ so that the string of greedy decoding has at most two thirds of the probability of the best one.
"""

# %% tags=["yours"]
not_greedy = ...  # a pair: p(x₁), a list of two; p(x₂ | x₁), two rows of two

exercise("sq-greedy").check(not_greedy)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The best first letter leads to a fork, the other to a certainty: $0.6\cdot0.5$ against $0.4\cdot1$ is only $\frac43$; so make it closer.

```python
not_greedy = [0.51, 0.49], [[0.5, 0.5], [0.0, 1.0]]
```

</details>
"""

# %% tags=["checks"]
with torch.no_grad():
    scores_here = writer(encode("alice went t")[None])[0][0, -1]
for tau in (1.0, 2.0):
    drawn = [write(writer, "alice went t", 1, tau, s)[-1] for s in range(0, 3000, 10)]
    verify_within_se(
        f"300 continuations at τ = {tau:g}: share of h",
        [float(letter == "h") for letter in drawn],
        F.softmax(scores_here / tau, -1)[8].item(),
    )
reread = "alice went t"
with torch.no_grad():
    while len(reread) < 12 + 20:
        reread += ALPHABET[writer(encode(reread)[None])[0][0, -1].argmax().item()]
verify(
    "20 letters at τ = 0.001: those of a reader who reads the whole text again each time",
    write(writer, "alice went t", 20, 1e-3, 0),
    reread,
)

# %% [markdown]
r"""
(sequence-to-sequence)=
## A sentence in one vector, or many looks

Translation, summaries, dictation: a sequence goes in and another comes out, in another order and of another length. One recurrent network, the *encoder*, reads the source; its last state starts a second one, the *decoder*, which writes the target token by token {cite:p}`sutskever2014,cho2014`. Whatever the source said must fit through this one state, one vector. Can it?

The smallest task that hurts: spell backwards, five letters out of eight. The last letter to write must be kept for 9 steps, beside four others. That is $5\log_28=15$ bits, through an LSTM of 16 units: wide enough on paper.

(attention-in-seq2seq)=
**Attention** opens the bottleneck {cite:p}`bahdanau2015,luong2015`. The encoder keeps all its states $h_1,\dots,h_T$, and the decoder, in state $s_t$, takes a weighted mean of them, with weights that it chooses by itself at every step:

$$
\text{context}_t=\sum_j\alpha_{tj}h_j,\qquad\alpha_{tj}=\frac{e^{q_t^\top h_j}}{\sum_ke^{q_t^\top h_k}},\qquad q_t=Qs_t .
$$ (eq-sq-attention)

State and context side by side give the scores of the next letter; the context does not enter the decoder's own state. (The arcs end at its box only to save room.) By hand: if $q_t^\top h=(2,0,0)$, the weights are $e^2:1:1$, that is $0.79,0.11,0.11$, and the context is mostly $h_1$. The error from the output to $h_1$ now takes two steps, not all those of the red arrow and of both chains.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Three encoder boxes in a row read c, a, t; a thick red arrow leads from the last of them to three decoder boxes, which write t, a, c. Blue arcs reach from each encoder state over the chain to the last decoder box, with widths 0.79, 0.11 and 0.11."}}
fig, ax = plt.subplots(figsize=(6.8, 2.5))
for k, (x, letter, name) in enumerate(
    zip(
        (0, 1.2, 2.4, 4.4, 5.6, 6.8),
        "cattac",
        ("h_1", "h_2", "h_3", "s_1", "s_2", "s_3"),
    )
):
    draw_box(ax, x, 0, f"${name}$", "#CFE8F5" if k < 3 else "#F8E3B8")
    low, high = ((x, -0.8), (x, -0.27)) if k < 3 else ((x, -0.27), (x, -0.8))
    draw_arrow(ax, low, high)
    ax.text(x, -1.0, letter, ha="center", va="center", fontsize=12)
    if k not in (2, 5):
        draw_arrow(ax, (x + 0.33, 0), (x + 0.87, 0))
draw_arrow(ax, (2.73, 0), (4.07, 0), "one vector", plot.RED, (0, 0.22), lw=4)
for x, weight in ((0, 0.79), (1.2, 0.11), (2.4, 0.11)):
    bow = {"connectionstyle": "arc3,rad=-0.28", "lw": 6 * weight}
    draw_arrow(ax, (x, 0.27), (6.8, 0.27), colour=plot.BLUE, **bow)
    ax.text(x - 0.08, 0.5, f"{weight:.2f}", ha="right", color=plot.BLUE, fontsize=10)
ax.set(xlim=(-0.6, 7.3), ylim=(-1.15, 1.5))
ax.axis("off")
plt.show()


# %%
class Speller(nn.Module):
    def __init__(self, look, V=8, m=16):  # setting
        super().__init__()
        self.look, self.letters = look, nn.Embedding(V + 1, m)
        self.encoder, self.decoder = (nn.LSTM(m, m, batch_first=True) for _ in "ed")
        self.Q = nn.Linear(m, m, bias=False)
        self.out = nn.Linear(2 * m, V, bias=False)

    def forward(self, x, before):  # (batch, T); before: written so far, 0 is the start
        h, last = self.encoder(self.letters(x))
        s, _ = self.decoder(self.letters(before), last)
        self.alpha = self.look(self.Q(s) @ h.mT)  # (batch, T, T)
        return self.out(torch.cat([s, self.alpha @ h], -1))


# %% [markdown]
r"""
The rivals are this one network with another `look`: attention, only the last encoder state, or, as a control, *equal* weights. Is it the looking at many that helps, or the choice? All have the same numbers of weights (without a choice the matrix $Q$ is idle), the same three start weights and strings, as many steps, and the same three rates, chosen for each on validation strings. In the test the decoder reads what it wrote.
"""


# %% tags=["set-up"]
LOOKS = {
    "last state only": lambda score: F.one_hot(
        torch.full(score.shape[:-1], score.shape[-1] - 1), score.shape[-1]
    ).to(score),
    "equal weights": lambda score: torch.ones_like(score) / score.shape[-1],
    "attention": lambda score: score.softmax(-1),
}


# Many spellers at once, the formulas of `Speller`: every weight has a first axis of
# networks ("groups"); inside an LSTM time comes first.
class UnrolledLSTM(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, h, c, W, U, b):
        ctx.P = {"W": W, "U": U, "b": b}
        ctx.trace = unrolled("lstm", ctx.P, x, (h, c))
        H, _, C, _ = ctx.trace
        return H[1:, ..., : W.shape[1]], C[-1]  # (T, groups, batch, m)

    @staticmethod
    def backward(ctx, dH, dC):
        W = ctx.P["W"]
        at_end = torch.zeros_like(dC), dC.clone()
        dA, dh, dc = rolled_back("lstm", W, ctx.trace, at_end, dH)
        weights = in_weights(ctx.trace, dA, W.shape[1])
        return dA @ ctx.P["U"].mT, dh, dc, *weights


def near_zero(groups, rows, columns):
    p = 2 * torch.rand(groups, rows, columns).float() - 1
    return nn.Parameter(p / math.sqrt(columns / 4 if columns % 4 == 0 else rows))


class Spellers(nn.Module):
    def __init__(self, look, groups, V=8, m=16):
        super().__init__()
        self.look, self.letters = look, nn.Parameter(torch.randn(groups, V + 1, m))
        self.encoder, self.decoder = (near_zero(groups, 2 * m + 1, 4 * m) for _ in "ed")
        self.Q, self.out = near_zero(groups, m, m), near_zero(groups, 2 * m, V)

    def forward(self, x, before):  # (groups, batch, T)
        m, start = self.Q.shape[1], x.new_zeros(*x.shape[:2], self.Q.shape[1])
        state, seen = (start.to(self.Q),) * 2, []
        for read, P in ((x, self.encoder), (before, self.decoder)):
            rows = F.one_hot(read.permute(2, 0, 1), self.letters.shape[1])
            vectors = rows.to(self.Q) @ self.letters
            h, c = UnrolledLSTM.apply(vectors, *state, *P.split((m, m, 1), 1))
            state = h[-1], c
            seen.append(h.permute(1, 2, 0, 3))  # (groups, batch, T, m)
        h, s = seen
        alpha = self.look(s @ self.Q[:, None] @ h.mT)
        return torch.cat([s, alpha @ h], -1) @ self.out[:, None]


def alone(model, look, k):
    """The k-th network of many, as a plain one."""
    one, m = Speller(LOOKS[look]).float(), model.Q.shape[1]
    with torch.no_grad():
        for net, P in ((one.encoder, model.encoder), (one.decoder, model.decoder)):
            W, U, b = P[k].T.split((m, m, 1), 1)
            net.weight_hh_l0[:], net.weight_ih_l0[:] = W, U
            net.bias_ih_l0[:], net.bias_hh_l0[:] = b[:, 0], 0.0
        one.letters.weight[:] = model.letters[k]
        one.Q.weight[:], one.out.weight[:] = model.Q[k].T, model.out[k].T
    return one


def given(y):  # what the teacher feeds: a start symbol, then all but the last
    return F.pad(y[..., :-1], (1, 0))


@torch.no_grad()
def spell(model, x):  # free running, greedy
    before = torch.zeros_like(x[..., :1])
    for _ in range(x.shape[-1]):
        new = model(x, F.pad(before, (0, x.shape[-1] - before.shape[-1])))
        new = new[..., before.shape[-1] - 1, :].argmax(-1, keepdim=True) + 1
        before = torch.cat([before, new], -1)
    return before[..., 1:]


def side_by_side(looks):
    """One look that treats the networks' scores part by part, each its own way."""
    return lambda score: torch.cat(
        [LOOKS[k](part) for k, part in zip(looks, score.chunk(len(looks)))]
    )


def learn_to_spell(looks, rates, steps, T=5, batch=16, seeds=3):
    """Networks (look, rate, seed), and their accuracies on fresh strings every 50 steps.

    A seed means the same start weights and the same strings for every look and rate.
    """
    torch.manual_seed(0)
    model, curve = Spellers(side_by_side(looks), seeds).float(), []
    names, shapes = zip(*((k, p.shape[1:]) for k, p in model.named_parameters()))
    copies = len(looks) * len(rates)
    theta = torch.cat([p.detach().flatten(1) for p in model.parameters()], 1)
    theta, sizes = theta.repeat(copies, 1), [math.prod(n) for n in shapes]
    for name, shape, part in zip(names, shapes, theta.split(sizes, 1)):
        getattr(model, name).data = part.unflatten(1, shape)  # a window on theta
    P, grad = list(model.parameters()), torch.zeros_like(theta)
    rates = torch.tensor(rates).float().repeat_interleave(seeds).repeat(len(looks))
    optimizer = adam(theta, grad, rates)
    cool = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda t: min(1, 2 - 2 * (t + 1) / steps)
    )
    strings = torch.randint(1, 9, (80, T), generator=seeded(60))
    for t in range(1, steps + 1):
        x = torch.randint(1, 9, (seeds, batch, T)).repeat(copies, 1, 1)
        y = x.flip(-1)
        score = model(x, given(y)).flatten(0, 2)
        loss = F.cross_entropy(score, y.flatten() - 1) * len(rates)
        grads = torch.autograd.grad(loss, P, allow_unused=True, materialize_grads=True)
        torch.cat([v.flatten(1) for v in grads], 1, out=grad)
        grad *= (1 / grad.norm(dim=1, keepdim=True)).clamp(max=1)
        optimizer.step()
        cool.step()
        if t % 50 == 0:
            right = spell(model, strings.expand(len(rates), -1, -1))
            curve.append((right == strings.flip(1)).double().mean((1, 2)))
    return model, torch.stack(curve).unflatten(1, (len(looks), -1, seeds))


SPELL_RATES, SPELL_STEPS = (0.006, 0.016, 0.045), 200  # setting
spellers, spell_rate, spell_curves = {}, {}, {}
all_spellers, tried = learn_to_spell(list(LOOKS), SPELL_RATES, SPELL_STEPS)
for n, name in enumerate(LOOKS):
    best = int(tried[-1, n].mean(1).argmax())
    spell_rate[name], spell_curves[name] = SPELL_RATES[best], tried[:, n, best]
    first = 3 * (n * len(SPELL_RATES) + best)
    spellers[name] = [alone(all_spellers, name, first + k) for k in range(3)]
test_strings = torch.randint(1, 9, (500, 5), generator=seeded(61))
letters_right = {}
print("new strings of 5 letters, three seeds     letters right      whole strings")
for name, models in spellers.items():
    right = torch.stack([spell(model, test_strings) for model in models])
    right = right == test_strings.flip(1)
    letters_right[name] = right.double().mean((1, 2))
    line = f"{name:38}"
    for share in (letters_right[name], right.all(2).double().mean(1)):
        line += "  ".join(f"{v:.2f}" for v in share) + "    "
    print(line.rstrip())


# %% tags=["picture"] mystnb={"image": {"alt": "Left, letters right against training steps, mean and range of three seeds: with attention above 0.9 after 200 steps, with the last state only near 0.8, with equal weights near 0.75. Right, attention weights while the word learn is spelt backwards: a bright anti-diagonal, palest in the last row."}}
SPELL_LETTERS = " aeilnrst"
word = torch.tensor([[SPELL_LETTERS.index(c) for c in "learn"]])
attending = spellers["attention"][int(spell_curves["attention"][-1].argmax())]
spelt = spell(attending, word)
with torch.no_grad():
    attending(word, given(spelt))
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
for (name, runs), colour in zip(spell_curves.items(), (plot.BLUE, plot.GREY, plot.RED)):
    steps = 50 * np.arange(1, len(runs) + 1)
    left.fill_between(steps, runs.amin(1), runs.amax(1), color=colour, alpha=0.25, lw=0)
    left.plot(steps, runs.mean(1), color=colour, label=name)
left.set(xlabel="steps", ylabel="letters right", ylim=(0, 1.03))
left.legend(loc="lower right", fontsize=8)
right.imshow(attending.alpha[0], vmin=0, vmax=1, cmap="Blues")
right.set_xticks(range(5), list("learn"))
right.set_yticks(range(5), [SPELL_LETTERS[k] for k in spelt[0]])
right.set(xlabel="read", ylabel="written")
right.grid(False)
plt.show()

# %% [markdown]
r"""
With the same start weights, steps and tuning, the decoder that may choose where to look gets about nine letters of ten right. The one that has only the last state gets fewer than five of six, and equal weights do no better: within these steps it is the choice that helps. On the right one can see it. While the *first* letter of the answer is written, the weight lies on the *last* letter read, and so on along the anti-diagonal; over all three networks, fed the true letters, in more than four outputs of five. (Drawn is the best of three seeds; its last row looks at the neighbour too.)

Is the one vector too narrow, or only slow to learn? All curves still rise, although the learning rate falls to zero at step 200: more steps might tell. In either case attention does what the gates did: it offers a short path on which what was read passes unchanged, *and* a choice of what passes. Equal weights have the path without the choice. [Transformers](#transformers-chapter) draw the conclusion: they drop the recurrence and keep the looking.

**Try it.** How many numbers must a state have at least, to tell all strings of $T$ letters out of $V$ apart, if each of its numbers carries a given number of reliable bits?
"""

# %% tags=["yours"]
numbers_needed = ...  # a function of V, T and bits (a whole number)

exercise("sq-bits").check(numbers_needed)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$V^T$ strings need $T\log_2V$ bits.

```python
numbers_needed = lambda V, T, bits: math.ceil(math.ceil(T * math.log2(V)) / bits)
```

</details>
"""

# %% tags=["checks"]
got = {name: v.mean() for name, v in letters_right.items()}
verify("letters right, mean of three: attention", got["attention"], 9 / 10, atol=0.05)
verify_at_least(
    "… its lead over the last state, and that of the last state over equal weights",
    [
        got["attention"] - got["last state only"],
        got["last state only"] - got["equal weights"],
    ],
    [0.08, 0.0],
)
verify_at_most(
    "letters right of six, last state only, mean of three seeds",
    6 * got["last state only"],
    5,
)
verify_at_most(
    "of three chosen rates, on an edge of the grid",
    sum(rate != SPELL_RATES[1] for rate in spell_rate.values()),
    1,
)
x, taught = test_strings, given(test_strings.flip(1))
with torch.no_grad():
    alphas, scores = [], []
    for model in spellers["attention"]:
        scores.append(model(x, taught))
        alphas.append(model.alpha)
    aligned = torch.stack(alphas).argmax(-1) == torch.arange(4, -1, -1)
    first = 3 * (2 * len(SPELL_RATES) + SPELL_RATES.index(spell_rate["attention"]))
    groups = len(all_spellers.Q)
    at_once = all_spellers(x.expand(groups, -1, -1), taught.expand(groups, -1, -1))
    verify(
        "the plain Speller, three networks: the many that were trained at once",
        torch.stack(scores),
        at_once[first : first + 3],
        atol=1e-3,
    )
    h = model.encoder(model.letters(x))[0]
    s = model.decoder(model.letters(taught), model.encoder(model.letters(x))[1])[0]
    verify(
        "the context is torch's dot-product attention",
        model.alpha @ h,
        F.scaled_dot_product_attention(s @ model.Q.weight.T, h, h, scale=1.0),
        atol=1e-4,
    )
small = Spellers(LOOKS["attention"], 2, 3, 4).double()
letters = torch.randint(1, 4, (2, 2, 3), generator=seeded(62))
slopes, by_torch = [], []
loss = lambda score: score.log_softmax(-1)[..., 0].sum()
for k in range(2):
    plain_one = Speller(LOOKS["attention"], 3, 4)
    mine = {n: p[k] for n, p in small.named_parameters()}
    for net, P in (
        (plain_one.encoder, mine["encoder"]),
        (plain_one.decoder, mine["decoder"]),
    ):
        net.weight_hh_l0.data, net.weight_ih_l0.data = P[:4].T, P[4:8].T
        net.bias_ih_l0.data, net.bias_hh_l0.data = P[8], 0 * P[8]
    plain_one.letters.weight.data = mine["letters"]
    plain_one.Q.weight.data, plain_one.out.weight.data = mine["Q"].T, mine["out"].T
    loss(plain_one(letters[k], given(letters[k].flip(1)))).backward()
    by_torch += [plain_one.letters.weight.grad, plain_one.Q.weight.grad.T]
    by_torch += [plain_one.encoder.weight_hh_l0.grad.T]
grads = torch.autograd.grad(
    loss(small(letters, given(letters.flip(2)))),
    (small.letters, small.Q, small.encoder),
)
for k in range(2):
    slopes += [grads[0][k], grads[1][k], grads[2][k, :4]]
verify(
    "two small ones at once: their gradients are those of torch through the plain model",
    torch.cat([v.flatten() for v in slopes]),
    torch.cat([v.flatten() for v in by_torch]),
    atol=1e-10,
)
verify_at_least(
    "share of outputs whose largest weight is on the mirrored input (by chance 1/5)",
    aligned.double().mean(),
    4 / 5,
)
weights_by_hand = np.exp([2, 0, 0]) / np.exp([2, 0, 0]).sum()
verify(
    "weights for the scores 2, 0, 0",
    weights_by_hand,
    F.softmax(torch.tensor([2.0, 0, 0]), 0),
    atol=1e-12,
)

# %% [markdown]
r"""
(sq-practice)=
## In practice

An ordinary loop, for one network and one task, to copy. Four lines matter: batches first; the keeping start (for an LSTM); clipping; and the length of each sequence, so that padding is never read.
"""


# %%
class Listener(nn.Module):
    def __init__(self, d=2, m=16, steps_to_keep=20):  # setting
        super().__init__()
        self.net = nn.LSTM(d, m, batch_first=True)
        self.out = nn.Linear(m, 1)
        with torch.no_grad():  # blocks i, f, c̃, o; torch adds its two biases
            keep = torch.log(1 + torch.rand(m) * (steps_to_keep - 2))
            self.net.bias_hh_l0[: 2 * m] = 0.0
            self.net.bias_ih_l0[: 2 * m] = torch.cat([-keep, keep])

    def forward(self, x, lengths):  # x (batch, T, d), padded
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        return self.out(self.net(packed)[1][0][-1])[:, 0]  # the last true state


# %%
torch.manual_seed(1)
listener = Listener(steps_to_keep=10)  # setting
optimizer = torch.optim.Adam(listener.parameters(), lr=0.03)  # setting
for step in range(200):  # setting
    x, y = adding(10, 1, 32, seeded(100 + step))  # setting
    x, y = x[:, 0].transpose(0, 1).double(), y[0].double()
    loss = F.mse_loss(listener(x, torch.full((32,), 10)), y)  # setting
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(listener.parameters(), 1.0)  # setting
    optimizer.step()

# %% [markdown]
r"""
It hears the bells of its lists of ten. Packing is worth a check of its own: without it, the last state is that of the padding. A long text is read in pieces: between two of them hand the state on by `state = tuple(s.detach() for s in state)`. The values go on, the blame stops.
"""

# %% tags=["checks"]
shop_deep = nn.LSTM(3, 5, num_layers=2, batch_first=True)
x = torch.randn(2, 9, 3, generator=seeded(50))
below = x
for layer in range(2):
    parts = ("weight_hh", "weight_ih", "bias_ih", "bias_hh")
    W, U, b1, b2 = (getattr(shop_deep, f"{n}_l{layer}") for n in parts)
    h = c = torch.zeros(2, 5)
    out = []
    for t in range(9):
        h, c = lstm_step(below[:, t], h, c, W, U, b1 + b2)
        out.append(h)
    below = torch.stack(out, 1)
verify(
    "our LSTM cell, two layers over nine steps: torch's nn.LSTM",
    below,
    shop_deep(x)[0],
    atol=1e-12,
)
begun = x[:, :5].clone().requires_grad_()
first_piece, state = shop_deep(begun)
second_piece, _ = shop_deep(x[:, 5:], tuple(s.detach() for s in state))
verify(
    "in two pieces with the state handed on: the same values",
    torch.cat([first_piece, second_piece], 1),
    shop_deep(x)[0],
    atol=1e-12,
)
(first_piece.sum() + second_piece.sum()).backward()
blame_begun = begun.grad.clone()
begun.grad = None
shop_deep(begun)[0].sum().backward()
verify(
    "… and no blame from the second piece: the gradient of the first alone",
    blame_begun,
    begun.grad,
    atol=1e-12,
)
x, y = adding(10, 1, 500, seeded(53))
x, y = x[:, 0].transpose(0, 1).double(), y[0].double()
with torch.no_grad():
    off = (listener(x, torch.full((500,), 10)) - y) ** 2
verify_at_most(
    "lists of ten, after 200 steps: error over that of someone who hears one bell",
    off.mean() * 12,
    1 / 4,
)
h = c = torch.zeros(500, 16)
for v in x.transpose(0, 1):
    h, c = lstm_step(
        v,
        h,
        c,
        listener.net.weight_hh_l0,
        listener.net.weight_ih_l0,
        listener.net.bias_ih_l0 + listener.net.bias_hh_l0,
    )
verify(
    "the listener's answers: our cell and its read-out",
    listener(x, torch.full((500,), 10)),
    listener.out(h)[:, 0],
    atol=1e-10,
)
begin = Listener(m=200).net
verify(
    "its start: input biases are minus the forget biases, the second vector is zero",
    torch.cat(
        [begin.bias_ih_l0[:200] + begin.bias_ih_l0[200:400], begin.bias_hh_l0[:400]]
    ),
    np.zeros(600),
    atol=1e-12,
)
x = torch.randn(2, 9, 2, generator=seeded(51))
short = listener(torch.cat([x[:1, :4]]), torch.tensor([4]))
x[0, 4:] = 0.0
verify(
    "packed: the answer on a list of four is that without its padding",
    listener(x, torch.tensor([4, 9]))[0],
    short[0],
    atol=1e-12,
)
verify_at_least(
    "not packed: the answer after reading the padding, difference",
    (listener(x, torch.tensor([9, 9]))[0] - short[0]).abs(),
    1e-4,
)
kept_bias = Listener(m=800).net.bias_ih_l0[800:1600]
verify_within_se(
    "the loop's start keeps as long as the experiment's: mean of 1/(1 − f)",
    1 + kept_bias.exp(),
    (2 + 20) / 2,
)

# %% [markdown]
r"""
(sq-beware)=
## Beware

**Time in the wrong place.** Without `batch_first=True` torch takes the *first* axis for time. A batch of shape (batch, T, d) then runs along the batch: no error message, and every example also reads those before it in the batch.

**Two biases.** torch's recurrent layers add `bias_ih` and `bias_hh`. "Forget bias 1" set in both is a bias of 2.

**"Clipping entries is clipping."** Shortening the whole gradient keeps its direction; cutting each entry at $c$ turns it: $(3,\,0.4)$ cut at 1 becomes $(1,\,0.4)$.

**"The LSTM failed, so the task needs attention"**, or "the RNN failed, so it needs gates". [The race](#headline-adding) shows an LSTM that hears once in twelve times after 175 steps, seven times after 350 and, started otherwise, ten times, and a network without gates that hears seven times too. Before a cell is blamed: the start, the rate, the budget, more seeds.

**"A lower loss than the entropy rate is a breakthrough."** On new text, by more than luck, [it is a leak](#perplexity). A chain of three symbols has the rate $0.50$ nats. A linear model that sees only the past comes to it (nine weights cannot learn 20,000 symbols by heart); one whose layer, by mistake, also sees the symbol to be predicted gets below $0.01$.
"""

# %% tags=["checks"]
past, answer = torch.cartesian_prod(torch.arange(3), torch.arange(3)).T  # nine pairs
pairs = np.bincount(3 * chain_text[:-1] + chain_text[1:], minlength=9)
pair_share, chain_loss = torch.tensor(pairs / pairs.sum()), []
for seen in ([past], [past, answer]):
    X = torch.cat([torch.eye(3)[v] for v in seen], 1)  # (9, 3) or (9, 6)
    M = torch.zeros(X.shape[1], 3, requires_grad=True)
    surprises = lambda: F.cross_entropy(X @ M, answer, reduction="none")
    chain_loss.append(minimise(lambda: pair_share @ surprises(), [M], 15))
verify(
    "a model of the past: its loss on the chain, against the entropy rate",
    chain_loss[0],
    chain_rate,
    rtol=0.02,
)
verify_at_most("loss of the one that sees the answer", chain_loss[1], 0.01)
right, wrong = nn.RNN(3, 4, batch_first=True), nn.RNN(3, 4)
wrong.load_state_dict(right.state_dict())
x = torch.randn(5, 7, 3, generator=seeded(52))
changed = x.clone()
changed[0] += 1.0  # only the first example
verify(
    "examples that notice a change of the first: batch first, and by mistake time first",
    [
        int(((net(x)[0] - net(changed)[0]).abs().amax((1, 2)) > 0).sum())
        for net in (right, wrong)
    ],
    [1, 5],
)
lone = nn.LSTMCell(1, 1)
with torch.no_grad():
    for p in lone.parameters():
        p.zero_()
    lone.bias_ih[1] = lone.bias_hh[1] = 1.0
    verify(
        "forget bias 1 in both vectors: the gate is σ(2)",
        lone(torch.zeros(1, 1), (torch.zeros(1, 1), torch.ones(1, 1)))[1].item(),
        1 / (1 + math.exp(-2)),
        rtol=1e-12,
    )
directions = []
for clip in (nn.utils.clip_grad_norm_, nn.utils.clip_grad_value_):
    v = torch.tensor([3.0, 0.4], requires_grad=True)
    v.grad = v.detach().clone()
    clip([v], 1.0)
    directions.append((v.grad[1] / v.grad[0]).item())
verify(
    "slope of (3, 0.4) after clipping the length, and after cutting the entries",
    directions,
    [0.4 / 3, 0.4],
    rtol=1e-6,
)

# %% [markdown]
r"""
(sq-exercises)=
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""

# %% [markdown]
r"""
:::{exercise} The whole blame
:label: ex-sq-whole-blame
An LSTM of one unit reads three numbers from $h_0=c_0=0$. Compute $\partial h_3/\partial b^{(f)}$, the slope in the forget bias, without autograd: forwards once, then backwards with two blames, $\delta^h_t=\partial h_3/\partial h_t$ and $\delta^c_t=\partial h_3/\partial c_t$. Both [paths](#eq-sq-lstm-path) count. The cell compares with autograd.
:::
"""

# %% tags=["yours"]
forget_bias_slope = ...  # a function of x (3,) and w, u, b, each (4,): i, f, c̃, o

exercise("sq-whole-blame").check(forget_bias_slope)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\delta^c_t$ receives $\delta^h_t\,o_t\tanh'(c_t)$. From there the blame goes to the four $a_t$; $\delta^c_{t-1}=f_t\,\delta^c_t$, and $\delta^h_{t-1}$ is the sum over the gates of weight times blame.

```python
def forget_bias_slope(x, w, u, b):
    h, c, seen = 0.0, 0.0, []
    for v in x:
        a = w * h + u * v + b
        (i, f, _, o), new, old = sigma(a), np.tanh(a[2]), c
        c = f * c + i * new
        h = o * np.tanh(c)
        seen.append((i, f, new, o, old, np.tanh(c)))
    dh, dc, slope = 1.0, 0.0, 0.0
    for i, f, new, o, old, t in reversed(seen):
        dc = dc + dh * o * (1 - t**2)
        to_i, to_f = dc * new * i * (1 - i), dc * old * f * (1 - f)
        to_new, to_o = dc * i * (1 - new**2), dh * t * o * (1 - o)
        slope += to_f
        dh, dc = w @ np.array([to_i, to_f, to_new, to_o]), dc * f
    return slope
```

</details>

:::{exercise} Two units that count modulo two
:label: ex-sq-parity
With threshold units $h_t=[Wh_{t-1}+Ux_t+b>0]$ (1 or 0) and $h_0=0$, find two units and a read-out $v$ so that $v^\top h_T$ is the parity of a bit string, for every length. (The parity so far is $p=v^\top h$; what are OR and AND of $p$ and the next bit?)
:::
"""

# %% tags=["yours"]
parity = ...  # W (2 × 2), U (2,), b (2,), v (2,)

exercise("sq-parity").check(parity)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$h^{(1)}=[p+x>\frac12]$ is OR, $h^{(2)}=[p+x>\frac32]$ is AND, and XOR is their difference, $p=h^{(1)}-h^{(2)}$: a memory that lasts for ever, since a threshold repairs what the noise would wear off.

```python
parity = [[1, -1], [1, -1]], [1, 1], [-0.5, -1.5], [1, -1]
```

</details>

:::{exercise} Predict: is a shorter list easier?
:label: ex-sq-lengths
The `winners` of the race, LSTMs with the keeping start, learnt on lists of 20. Which lengths are easiest for them, 10, 20 or 40? Write down your order and a reason. Then write `error_at(T)`, the median over the winners of the squared error on fresh lists of $T$ numbers (a thousand lists will do), and correct the order if you must.
:::
"""

# %% tags=["yours"]
order_and_error = ...  # a pair: a list of the lengths, easiest first; error_at

exercise("sq-lengths").check(order_and_error)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A shorter list leaves less time to forget, so 10 should be easier than 20. It is harder, as the code prints; the answer of the network drawn above comes out too low. The [slow drift](#sq-gates) of the memory is probably a clock that was set for 20 steps, and the constant of the read-out counts on it. At 40 it would run over.

```python
def error_at(T):
    x, y = adding(T, 1, 1000, seeded(0))
    return errors("lstm", winners, x.expand(-1, HEARERS, -1, -1), y).median()


for T in (10, 20, 40):
    print(f"{T} numbers: {error_at(T):.4f}")
order_and_error = [20, 10, 40], error_at
```

</details>

:::{exercise} Beam search
:label: ex-sq-beam
Keep the $B$ most probable beginnings instead of one, extend each by every symbol, keep the best $B$ again. Write it for `step(s)`, which gives the log-probabilities of the symbol after the tuple `s`.
:::
"""

# %% tags=["yours"]
beam_search = ...  # a function of step, T and B that returns the best string, a tuple

exercise("sq-beam").check(beam_search)

# %% [markdown]
r"""
<details><summary>Solution</summary>

It is not exact either: a string with $B$ better beginnings than its own is lost.

```python
def beam_search(step, T, B):
    beams = [(0.0, ())]
    for _ in range(T):
        longer = [
            (score + p, (*s, k)) for score, s in beams for k, p in enumerate(step(s))
        ]
        beams = sorted(longer, reverse=True)[:B]
    return beams[0][1]
```

</details>

:::{exercise} A GRU without waiting
:label: ex-sq-mingru
If gate $z_t$ and candidate $\tilde h_t$ depend on the input only, a GRU is [a linear recurrence](#linear-recurrent-unit). Compute all its states with `scan` (run its cell there first), without a loop over time.
:::
"""

# %% tags=["yours"]
parallel_gru = ...  # a function of z and candidates, both (batch, T, m)

exercise("sq-mingru").check(parallel_gru)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$h_t=(1-z_t)h_{t-1}+z_t\tilde h_t$ has $a_t=1-z_t$ and $b_t=z_t\tilde h_t$ {cite:p}`feng2024`.

```python
parallel_gru = lambda z, new: scan(1 - z, z * new)
```

</details>
"""

# %% [markdown]
r"""
(sq-summary)=
## Summary

| idea | formula | where |
|---|---|---|
| recurrent network | $h_t=\varphi(Wh_{t-1}+Ux_t+b)$; an input $k$ steps old counts like the $k$-th power of something | [state](#eq-sq-rnn) |
| backpropagation through time | $\delta_t=\partial\ell_t/\partial h_t+W^\top(\varphi'(a_{t+1})\odot\delta_{t+1})$, gradients of all steps add up | [recursion](#eq-sq-bptt) |
| vanishing | norm at most $(\max\lvert\varphi'\rvert\,\sigma_{\max}(W))^T$; for a linear network $\lVert W^k\rVert^{1/k}\to\rho(W)$ | [product](#eq-sq-product), [power](#eq-sq-gelfand) |
| memory cell | $c_t=f_t\odot c_{t-1}+i_t\odot\tilde c_t$ | [gates](#eq-sq-lstm) |
| keeping start | for an LSTM's memory of $k$ steps the forget bias $\ln(k-1)$, and a negative input bias; without gates $W=I$ and a ReLU | [bias](#eq-sq-bias) |
| GRU | $h_t=(1-z_t)\odot h_{t-1}+z_t\odot\tilde h_t$: keeping and writing tied | [one state](#eq-sq-gru) |
| language model | $p(x)=\prod_tp(x_t\mid x_{<t})$; expected loss = entropy + divergence | [product rule](#eq-sq-chain), [bound](#eq-sq-entropy-rate) |
| perplexity | $e^{\text{loss in nats}}=2^{\text{loss in bits}}$ | [score](#eq-sq-ppl) |
| attention | a weighted mean of all encoder states, $\sum_j\alpha_{tj}h_j$ | [look back](#eq-sq-attention) |

**Further reading.** {cite:t}`olah2015` drew the LSTM cell that everybody remembers; {cite:t}`hochreiter1997lstm` for the carousel, {cite:t}`pascanu2013` for the geometry of exploding gradients, {cite:t}`le2015` and {cite:t}`tallec2018` for starts that keep, {cite:t}`orvieto2023` for the return of the linear recurrence.
"""

# %% [markdown]
r"""
(sq-shelf)=
## The shelf

Entries to be consulted, each by itself.

(brownian-motion-prediction)=
### Brownian motion: what can be predicted

A particle moves by $x_{t+1}=x_t+\xi_t$, $\xi_t\sim\mathcal N(0,\sigma^2I_3)$. Given the past, the mean of $x_{t+1}$ is $x_t$: the best prediction in mean square is to stay, with the error $\mathbb E\|\xi_t\|^2=3\sigma^2$ that no model can lower. The steps are independent, so $\mathbb E\|x_t-x_0\|^2=3\sigma^2t$. A linear model of the last five positions has to find the weights $(1,0,0,0,0)$ by itself.
"""

# %% tags=["checks"]
paths = np.cumsum(np.random.default_rng(70).normal(size=(2000, 200, 3)), axis=1)
verify_within_se(
    "2000 walks in space: mean squared displacement after 200 steps",
    (paths[:, -1] ** 2).sum(-1),
    3.0 * 200,
)
X = np.stack([paths[:, 104 - k : 104 - k + 40] for k in range(1, 6)], -1).reshape(-1, 5)
y = paths[:, 104:144].reshape(-1)  # every coordinate is an example
half = len(y) // 2
w = np.linalg.lstsq(X[:half], y[:half], rcond=None)[0]
verify("fitted weights of the last five positions", w, [1, 0, 0, 0, 0], atol=0.03)
verify(
    "test error over the variance of a step",
    ((y - X @ w)[half:].reshape(-1, 3) ** 2).sum(-1).mean(),
    3.0,
    rtol=0.02,
)

# %% [markdown]
r"""
(sequence-to-sequence-model)=
### One set of weights for every length

A layer is *sequence-to-sequence* if the same weights map a sequence of any length to one of that length. An MLP on the concatenated sequence is none: its length is built in. Ten different MLPs, one for each position, have none for position eleven. One MLP shared by all positions is such a layer, a lonely one: its [Jacobian](#jacobian) is block diagonal. Convolutions, recurrent networks and [self-attention](#simple-self-attention) let positions talk.
"""


# %% tags=["checks"]
def outcome(f):
    try:
        return tuple(f().shape)
    except (RuntimeError, IndexError) as error:
        return type(error).__name__


some = lambda *shape: torch.randn(*shape, generator=seeded(sum(shape)))
whole, conv = nn.Linear(30, 30), nn.Conv1d(3, 3, 3, padding=1)
distinct = [nn.Linear(3, 3) for _ in range(10)]
shared = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 3))
verify(
    "an MLP on ten positions, and ten MLPs, given twelve positions",
    (
        outcome(lambda: whole(some(1, 12, 3).flatten(1))),
        outcome(lambda: torch.stack([distinct[t](some(3)) for t in range(12)])),
    ),
    ("RuntimeError", "IndexError"),
)
any_length = {
    "shared": shared,
    "convolution": lambda x: conv(x.mT).mT,
    "recurrent": lambda x, net=nn.RNN(3, 3, batch_first=True): net(x)[0],
    "attention": lambda x: (x @ x.mT).softmax(-1) @ x,
}
verify(
    "four layers on lengths 5, 10 and 50: lengths of their outputs",
    [
        [outcome(lambda: f(some(1, T, 3)))[1] for T in (5, 10, 50)]
        for f in any_length.values()
    ],
    [[5, 10, 50]] * 4,
)
blocks = (
    jacobian(shared, some(6, 3)).abs().sum((1, 3))
)  # how much output i hears of input j
verify(
    "shared MLP: its Jacobian outside the diagonal blocks",
    blocks - torch.diag(blocks.diag()),
    np.zeros((6, 6)),
    atol=1e-15,
)

# %% [markdown]
r"""
(causal-layer)=
### Causal layers

A layer is *causal* if $y_i$ depends on $x_1,\dots,x_i$ only: its Jacobian is lower triangular. A model that is to predict the future must not read it, so this pattern decides what a layer may be trained for.
"""

# %% tags=["set-up"]
one_way = nn.RNN(1, 4, batch_first=True)
both_ways = nn.RNN(1, 4, batch_first=True, bidirectional=True)
three = torch.randn(1, 1, 3, generator=seeded(71))
window = lambda x, left, right: F.conv1d(F.pad(x[None, None], (left, right)), three)[
    0, 0
]
patterns = {
    "causal conv": lambda x: window(x, 2, 0),
    "padded conv": lambda x: window(x, 1, 1),
    "RNN": lambda x: one_way(x[None, :, None])[0][0].sum(-1),
    "self-attention": lambda x: torch.outer(x, x).softmax(-1) @ x,
    "RNN, both ways": lambda x: both_ways(x[None, :, None])[0][0].sum(-1),
}
reading = torch.randn(8, generator=seeded(72))
patterns = {name: (jacobian(f, reading) != 0).detach() for name, f in patterns.items()}

# %% tags=["picture"] mystnb={"image": {"alt": "Five Jacobian patterns of eight by eight: causal convolution a band on and below the diagonal, padded convolution a band around it, RNN a full lower triangle, self-attention and the RNN that reads both ways full."}}
fig, axes = plt.subplots(1, 5, figsize=(6.8, 1.9), sharey=True)
for ax, (name, pattern) in zip(axes, patterns.items()):
    ax.imshow(pattern, cmap="Blues", vmin=0, vmax=1.6)
    ax.set(xlabel="input", xticks=[], yticks=[])
    ax.set_title(name, fontsize=9)
    ax.grid(False)
axes[0].set_ylabel("output")
plt.show()

# %% tags=["checks"]
full = torch.ones(8, 8, dtype=torch.bool)
verify(
    "who hears whom: the five patterns",
    torch.stack(list(patterns.values())),
    torch.stack(
        [
            full.tril() & full.triu(-2),
            full.tril(1) & full.triu(-1),
            full.tril(),
            full,
            full,
        ]
    ),
)

# %% [markdown]
r"""
(noisy-channel-language-modelling)=
### A language model as a prior

Before neural translation, a model of good English, learned from plenty of English, was combined with a rough dictionary by Bayes' rule {cite:p}`brown1993`,

$$
\Pr(\text{target}\mid\text{source})\propto\Pr(\text{source}\mid\text{target})\,\Pr(\text{target}) .
$$ (eq-sq-channel)

Language models today compute $p(x_t\mid x_{<t})$ directly and invert no channel; what carries over is that much monolingual text makes the conditional task easier. A spelling corrector is the small version: fifty words of four letters, each letter replaced with probability 0.3; which word was it, given the word before?
"""

# %% tags=["checks"]
rng = np.random.default_rng(73)
codes = rng.integers(0, 5, (50, 4))
prior = rng.dirichlet(np.full(50, 0.1), 50)  # row w: what follows word w
said = markov_text(3000, prior, rng)
heard = np.where(
    rng.random((3000, 4)) < 0.3,
    (codes[said] + rng.integers(1, 5, (3000, 4))) % 5,
    codes[said],
)
likely = np.where(heard[:, None] == codes, math.log(0.7), math.log(0.3 / 4)).sum(-1)
posterior = np.exp(likely[1:]) * prior[said[:-1]]
posterior /= posterior.sum(1, keepdims=True)
right = posterior.argmax(1) == said[1:]
verify_at_least(
    "share of words right: what the prior gains over the likelihood alone",
    right.mean() - np.mean(likely[1:].argmax(1) == said[1:]),
    0.2,
)
verify_within_se(
    "the posterior knows how often it is right", right - posterior.max(1) + 1, 1.0
)

# %% [markdown]
r"""
(word-embedding)=
### Word embeddings

A one-hot vector says that *cat* differs from *dog* exactly as much as from *Tuesday*. An *embedding* gives each symbol $w$ a vector $z_w\in\mathbb R^d$, a row of a learned table; then inner products can say who resembles whom, and a sentence becomes a matrix (length, $d$). Looking up a row is multiplying a one-hot vector by the table, so the gradient reaches only the rows that were used. Tables learned once {cite:p}`mikolov2013` are reused by other models. Below, 27 words of three topics and three fillers, from the company that they keep ([negative sampling](#negative-sampling), $d=2$): nobody told them their topic.
"""


# %% tags=["set-up"]
def negative_objective(m, p, k, noise):
    """What negative sampling maximises, for scores m[v, w] and pair frequencies p[v, w]."""
    drawn = torch.outer(noise, p.sum(0))
    return (p * F.logsigmoid(m)).sum() + k * (drawn * F.logsigmoid(-m)).sum()


rng, topics = np.random.default_rng(74), np.repeat(np.arange(3), 9)
near = np.zeros((30, 30))
for _ in range(3000):
    own = 9 * rng.integers(3) + rng.integers(0, 9, 6)
    s = np.where(rng.random(6) < 0.3, rng.integers(27, 30, 6), own)
    for i, j in itertools.permutations(range(6), 2):
        near[s[i], s[j]] += abs(i - j) <= 2
near = torch.tensor(near / near.sum())
places = (0.1 * torch.randn(30, 2, generator=seeded(75))).requires_grad_()
minimise(
    lambda: -negative_objective(places @ places.T, near, 1, near.sum(1)), [places], 60
)
places = places.detach()

# %% tags=["picture"] mystnb={"image": {"alt": "Word vectors in the plane: three tight bundles in three directions, one for each topic, and three fillers near the origin."}}
fig, ax = plt.subplots(figsize=(6.8, 2.9))
for k, colour in enumerate((plot.BLUE, plot.ORANGE, plot.GREEN)):
    ax.scatter(*places[:27][topics == k].T, color=colour, label=f"topic {k + 1}")
ax.scatter(*places[27:].T, color=plot.GREY, marker="x", label="fillers")
ax.set(aspect="equal", xlabel="$z_1$", ylabel="$z_2$")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% tags=["checks"]
table, index = nn.Embedding(7, 3), torch.tensor([2, 5, 2])
verify(
    "a look-up is one-hot times table",
    table(index),
    F.one_hot(index, 7).double() @ table.weight,
    atol=1e-15,
)
table(index).sum().backward()
verify(
    "its gradient counts how often each row was used",
    table.weight.grad[:, 0],
    [0, 0, 2, 0, 0, 1, 0],
    atol=1e-15,
)
turned = F.normalize(places[:27], dim=1)
cosine, same = (turned @ turned.T).numpy(), topics[:, None] == topics
verify(
    "three topics 120° apart: mean cosine within less that between",
    cosine[same & ~np.eye(27, dtype=bool)].mean() - cosine[~same].mean(),
    1 - math.cos(2 * math.pi / 3),
    rtol=0.01,
)

# %% [markdown]
r"""
(pointwise-mutual-information)=
### Pointwise mutual information

How much more often two words meet than chance would have it, on a logarithmic scale,

$$
\operatorname{pmi}(v,w)=\log\frac{p(v,w)}{p(v)\,p(w)}=\log\frac{p(v\mid w)}{p(v)}\approx x_v^\top z_w+\text{const},
$$ (eq-sq-pmi)

is what inner products of word vectors are asked to be. It takes two tables, $x$ and $z$: with one, $x_v^\top x_w$ is a Gram matrix and has no negative eigenvalues, which a pmi matrix has. The [best approximation of rank $d$](#low-rank-approximation) leaves the singular values beyond the $d$-th.
"""

# %% tags=["checks"]
rng = np.random.default_rng(76)
p = rng.gamma(1.0, size=(8, 8))
p = (p + p.T) / (p + p.T).sum()
M = np.log(p / np.outer(p.sum(1), p.sum(0)))
verify(
    "log p(v|w)/p(v) is the same",
    np.log(p / p.sum(0)) - np.log(p.sum(1))[:, None],
    M,
    atol=1e-12,
)
U, s, Vt = np.linalg.svd(M)
x, z = U[:, :3] * s[:3], Vt[:3].T  # d = 3
found = minimise(
    lambda: (torch.tensor(M) - rival_x @ rival_z.T).square().sum(),
    [
        rival_x := torch.randn(8, 3, generator=seeded(77)).requires_grad_(),
        rival_z := torch.randn(8, 3, generator=seeded(78)).requires_grad_(),
    ],
)
verify(
    "two tables of dimension 3, found by descent: the squared error of the best",
    found,
    (s[3:] ** 2).sum(),
    rtol=1e-6,
)
lam = np.linalg.eigvalsh(M)
one_table = torch.randn(8, 8, generator=seeded(79)).requires_grad_()
left = minimise(
    lambda: (torch.tensor(M) - one_table @ one_table.T).square().sum(),
    [one_table],
    2000,
)
verify(
    "one table of any dimension: what is left is the negative eigenvalues",
    left,
    (lam[lam < 0] ** 2).sum(),
    rtol=1e-4,
)

# %% [markdown]
r"""
(skip-gram)=
### Skip-gram

{cite:t}`mikolov2013` learn vectors by predicting the words around each word. The pairs within distance $R$ are $\mathcal C_R=\{(i,j):1\le|i-j|\le R\}$; each word has an input vector $z_w$ and an output vector $x_v$, and one maximises

$$
\sum_t\sum_{\ell\ne0,\,|\ell|\le R}\log p_\theta(w_{t+\ell}\mid w_t),\qquad\log p_\theta(v\mid w)=x_v^\top z_w-\log\sum_ue^{x_u^\top z_w} .
$$ (eq-sq-skip)

With $d$ as large as the vocabulary the scores are free, so the optimum is the empirical $p(v\mid w)$, and the loss its conditional entropy.
"""


# %% tags=["checks"]
def pairs(words, R):  # (centre, context) for all pairs within distance R
    T = range(len(words))
    return [(words[i], words[j]) for i in T for j in T if 1 <= abs(i - j) <= R]


by_two = Counter(pairs("abcab", 2))
verify(
    "abcab, R = 2: pairs from a to a, b, c and from b, counted by hand",
    [by_two[w, v] for w in "ab" for v in "abc"],
    [0, 3, 2, 3, 0, 2],
)
rng = np.random.default_rng(79)
six = markov_text(600, rng.dirichlet(np.full(6, 0.8), 6), rng)
N = np.zeros((6, 6))
np.add.at(N, tuple(np.array(pairs(six, 2)).T), 1)
z, x = (torch.randn(6, 6, generator=seeded(k)).requires_grad_() for k in (80, 81))
share = torch.tensor(N / N.sum())
reached = minimise(lambda: -(share * (z @ x.T).log_softmax(-1)).sum(), [z, x])
after = N / N.sum(1, keepdims=True)
verify(
    "d = 6 = vocabulary: the learned p(v|w) is the empirical one",
    (z @ x.T).softmax(-1),
    after,
    atol=1e-3,
)
verify(
    "… and its loss the conditional entropy",
    reached,
    -(N / N.sum() * np.log(np.maximum(after, 1e-300))).sum(),
    rtol=1e-5,
)

# %% [markdown]
r"""
(negative-sampling)=
### Negative sampling

The sum over all $u$ costs $|V|$ inner products a pair. Instead, let the model tell true pairs from $k$ noise words drawn from $p_n(v)\propto p(v)^\alpha$, which costs $k+1$:

$$
\max\sum_{(i,j)\in\mathcal C_R}\Bigl[\log\sigma(x_{w_i}^\top z_{w_j})+k\,\mathbb E_{v\sim p_n}\log\sigma(-x_v^\top z_{w_j})\Bigr].
$$ (eq-sq-neg)

What is learned? Let $m=x_v^\top z_w$ be free. It stands with weight $p(v,w)$ in the first term and $k\,p_n(v)\,p(w)$ in the second, and since $\frac{d}{dm}\log\sigma(\pm m)=\pm\sigma(\mp m)$, the optimum has

$$
p(v,w)\,\sigma(-m)=k\,p_n(v)\,p(w)\,\sigma(m)
\quad\Longrightarrow\quad
e^m=\frac{\sigma(m)}{\sigma(-m)}=\frac{p(v,w)}{k\,p_n(v)\,p(w)} .
$$

For $\alpha=1$ that is $m=\operatorname{pmi}(v,w)-\log k$ {cite:p}`levy2014`. In practice $\alpha=\frac34$: rare words are drawn more often than they occur. The descent below knows nothing of logarithms of ratios.
"""

# %% tags=["checks"]
rng, gaps = np.random.default_rng(82), []
p4 = torch.tensor(rng.dirichlet(np.full(16, 2.0)).reshape(4, 4))
p4 = (p4 + p4.T) / 2
for k, alpha in ((3, 1.0), (5, 0.75)):
    noise = p4.sum(1) ** alpha / (p4.sum(1) ** alpha).sum()
    m = torch.zeros(4, 4, requires_grad=True)
    minimise(lambda: -negative_objective(m, p4, k, noise), [m])
    pmi = torch.log(p4 / torch.outer(p4.sum(1), p4.sum(0)))
    gaps.append(m - pmi - torch.log(p4.sum(1) / noise)[:, None] + math.log(k))
verify(
    "optimum less pmi + log p/pₙ − log k, for α = 1 and ¾",
    torch.stack(gaps).detach(),
    np.zeros((2, 4, 4)),
    atol=1e-3,
)

# %% [markdown]
r"""
(embedding-language-model)=
### Language models on embeddings

Replace the centre word by everything said so far: $\log p(v\mid w_1,\dots,w_{t-1})=x_v^\top z_{\mathbf w}+\text{const}$, a word vector against an embedding $z_{\mathbf w}$ of the history, normalised by the softmax. If a text depends on its last two symbols, the embedding must hold both; with one, the loss is the larger entropy.
"""

# %% tags=["checks"]
rng = np.random.default_rng(83)
P2 = rng.dirichlet(np.full(3, 0.4), (3, 3))  # p(next | last but one, last)
s = [0, 0]
for u in rng.random(20_000):
    s.append(int((u > np.cumsum(P2[s[-2], s[-1]])[:-1]).sum()))
s, share = np.array(s), np.full((3, 3), 1 / 9)
for _ in range(500):
    share = (share[:, :, None] * P2).sum(0)  # long-run frequencies of pairs
joint = (share[:, :, None] * P2).sum(0)  # (last, next)
entropies = [
    -(share[:, :, None] * P2 * np.log(P2)).sum(),
    -(joint * np.log(joint / joint.sum(1, keepdims=True))).sum(),
]
losses = []
for history, size in ((3 * s[:-2] + s[1:-1], 9), (s[1:-1], 3)):
    z, x = (torch.randn(n, 3, generator=seeded(84)).requires_grad_() for n in (size, 3))
    freq = np.zeros((size, 3))
    np.add.at(freq, (history, s[2:]), 1 / len(history))
    losses.append(
        minimise(
            lambda: -(torch.tensor(freq) * (z @ x.T).log_softmax(-1)).sum(), [z, x]
        )
    )
verify(
    "histories of two and of one symbol embedded: the two entropies",
    losses,
    entropies,
    rtol=0.04,  # four standard errors
)
verify_at_least(
    "what the last symbol but one is worth (nats)", losses[1] - losses[0], 0.1
)

# %% [markdown]
r"""
(one-dimensional-convolution)=
### Convolution over time

Slide a filter of width $k$ along time: over one-hot or embedded symbols it detects $k$-grams, at all positions at once. Text comes as (batch, length, channels), torch's `Conv1d` wants (batch, channels, length). One filter, set by hand, and a maximum over time decide whether 3-1-4 occurs.
"""

# %% tags=["checks"]
conv, x = nn.Conv1d(4, 5, 3), torch.randn(2, 9, 4, generator=seeded(85))
loops = [
    conv.bias + sum(conv.weight[:, :, j] @ x[1, t + j] for j in range(3))
    for t in range(7)
]
verify(
    "Conv1d, transposed there and back: a loop over windows",
    conv(x.mT).mT[1],
    torch.stack(loops),
    atol=1e-12,
)
digits = torch.randint(0, 10, (2000, 30), generator=seeded(86))
digits[::2, 11:14] = torch.tensor([3, 1, 4])
digits[1::4, 5:8] = torch.tensor([3, 4, 1])  # near misses
has = np.array(["314" in "".join(map(str, row)) for row in digits.tolist()])
pi_filter = F.one_hot(torch.tensor([3, 1, 4]), 10).T[None].double()
found = F.conv1d(F.one_hot(digits, 10).double().mT, pi_filter).amax((1, 2)) > 2.5
verify("does 3-1-4 occur: errors of 2000", int((found.numpy() != has).sum()), 0)

# %% [markdown]
r"""
(text-cnn)=
### Convolutional networks for text

Stack word vectors into a matrix, convolve with filters of several widths, and keep of each channel only its maximum over time {cite:p}`kim2014`. What is left has the same size for every length, and a softmax $p(v\mid w)\propto e^{\langle y_v,z_w\rangle}$ predicts. "not bad" is praise and "not good" is not, wherever they stand; a *bag of words*, which only counts, cannot see who stands beside whom. Below every sentence has one *not*, which belongs to the adjective or to nothing.
"""


# %% tags=["checks"]
def reviews(n, rng):  # 0 padding, 1 good, 2 bad, 3 not, 4 to 11 fillers
    x, y = np.zeros((n, 15), int), rng.integers(0, 2, n)
    for row, label in zip(x, y):
        T = rng.integers(6, 16)
        row[:T] = rng.integers(4, 12, T)
        negated, i = rng.random() < 0.5, rng.integers(1, T - 2)
        row[i] = 1 if label != negated else 2
        row[i - 1 if negated else i + 2] = 3
    return torch.tensor(x), torch.tensor(y)


class TextCNN(nn.Module):
    def __init__(self, widths=(1, 2)):
        super().__init__()
        self.embed = nn.Embedding(12, 8, padding_idx=0)
        self.convs = nn.ModuleList(nn.Conv1d(8, 8, k) for k in widths)
        self.out = nn.Linear(8 * len(widths), 2)

    def features(self, x):  # (batch, length) to (batch, channels · widths)
        e = self.embed(x).mT
        return torch.cat([conv(e).relu().amax(-1) for conv in self.convs], 1)

    def forward(self, x):
        return self.out(self.features(x))


class Bag(nn.Linear):
    def forward(self, x):
        return super().forward(F.one_hot(x, 12).sum(1)[:, 1:].double())


torch.manual_seed(0)
rng = np.random.default_rng(87)
(x, y), (x_test, y_test), right = reviews(500, rng), reviews(1000, rng), []
models = TextCNN(), Bag(11, 2)
for model in models:
    opt = torch.optim.Adam(model.parameters(), 0.03)
    for _ in range(60):
        opt.zero_grad()
        F.cross_entropy(model(x), y).backward()
        opt.step()
    right.append((model(x_test).argmax(1) == y_test).double().mean().item())
verify_at_least("text CNN with widths 1 and 2: test accuracy", right[0], 0.98)
verify_at_most("bag of words, logistic regression: test accuracy", right[1], 0.8)
verify(
    "sizes of the features for lengths 4, 9 and 15",
    [models[0].features(x[:3, :T]).shape[1] for T in (4, 9, 15)],
    [8 + 8] * 3,
)

# %% [markdown]
r"""
(causal-convolution)=
### Causal convolution

Padding $(K-1)d$ zeros on the left of a filter of width $K$ and dilation $d$ makes $y_t$ depend on $x_{\le t}$ only. Shift the input by one more and $y_t$ depends on $x_{<t}$: a predictor of the next value that is trained on all positions of a sequence in a single pass.
"""


# %%
def causal(x, W, d, shift=0):  # x (batch, c, T), W (out, c, K)
    pad = (W.shape[2] - 1) * d + shift
    y = F.conv1d(F.pad(x, (pad, 0)), W, dilation=d)
    return y[..., : x.shape[-1]]


# %% tags=["checks"]
W, x = torch.randn(1, 1, 3, generator=seeded(88)), torch.randn(12, generator=seeded(89))
ours, wanted = [], []
for d, shift in ((1, 0), (2, 0), (2, 1)):
    ours.append(jacobian(lambda x: causal(x[None, None], W, d, shift)[0, 0], x))
    wanted.append(
        sum(
            W[0, 0, 2 - j] * torch.diag(torch.ones(12 - d * j - shift), -d * j - shift)
            for j in range(3)
        )
    )
verify(
    "dilation 1, dilation 2, dilation 2 and shifted: the whole Jacobians",
    torch.stack(ours),
    torch.stack(wanted),
    atol=1e-14,
)

# %% [markdown]
r"""
(wavenet)=
### WaveNet

{cite:t}`oord2016` predict raw audio, 16,000 samples a second, sample by sample, with causal convolutions of width 2 and [dilations](#dilated-convolution) $1,2,4,\dots,512$. Each adds $d$ to the field, so a block sees $1+(1+2+\dots+512)=1024$ samples, three blocks $1+3\cdot1023=3070$. Residual and learned skip connections carry the signal past. A small one, on two sines in noise: after 80 steps its error is about one and a half times the noise, which no model can predict. A linear predictor from 32 values has 1.1: two sines need no network.
"""


# %% tags=["checks"]
def field(dilations):  # which inputs reach the last output: all weights one
    x = torch.zeros(1, 1, sum(dilations) + 9, requires_grad=True)
    h = x
    for d in dilations:
        h = causal(h, torch.ones(1, 1, 2), d)
    h[0, 0, -1].backward()
    return int((x.grad > 0).sum())


class WaveNet(nn.Module):
    def __init__(self, c=12, dilations=(1, 2, 4, 8, 16)):
        super().__init__()
        self.first, self.last = nn.Conv1d(1, c, 1), nn.Conv1d(c, 1, 1)
        self.gate = nn.ModuleList(nn.Conv1d(c, 2 * c, 2, dilation=d) for d in dilations)
        self.skip = nn.ModuleList(nn.Conv1d(c, c, 1) for _ in dilations)

    def forward(self, x):  # (batch, T); output t predicts x_t from x_{<t}
        h, total = self.first(F.pad(x[:, None, :-1], (1, 0))), 0
        for gate, skip in zip(self.gate, self.skip):
            a, b = gate(F.pad(h, (gate.dilation[0], 0))).chunk(2, 1)
            out = skip(a.tanh() * b.sigmoid())
            h, total = h + out, total + out
        return self.last(total)[:, 0]


octave = [2**i for i in range(10)]
verify(
    "receptive field of one block and of three",
    (field(octave), field(octave * 3)),
    (2**10, 3 * 2**10 - 2),
)
torch.manual_seed(0)
t = torch.arange(3000.0)
wave = 0.6 * torch.sin(0.2 * t) + 0.6 * torch.sin(0.47 * t)
wave = (wave + 0.1 * torch.randn(3000, generator=seeded(90))).float()
crops, small_net = wave[:2200].unfold(0, 120, 200), WaveNet().float()
opt = torch.optim.Adam(small_net.parameters(), 0.02)
fall = torch.optim.lr_scheduler.OneCycleLR(opt, 0.02, total_steps=80)
for _ in range(80):
    opt.zero_grad()
    F.mse_loss(small_net(crops)[:, 32:], crops[:, 32:]).backward()
    opt.step()
    fall.step()
with torch.no_grad():
    off = F.mse_loss(small_net(wave[None, 2200:])[:, 32:], wave[None, 2232:]).item()
verify(
    "small WaveNet: one-step error on new samples over the noise",
    off / 0.1**2,
    3 / 2,
    rtol=0.2,
)
past = wave.double().unfold(0, 32, 1)[:-1]  # row n: values n to n + 31
fit = torch.linalg.lstsq(past[:2168], wave[32:2200, None].double()).solution
lag = torch.arange(33.0)
r = 0.18 * (torch.cos(0.2 * lag) + torch.cos(0.47 * lag)) + 0.01 * (lag == 0)
R = r[(torch.arange(32)[:, None] - torch.arange(32)).abs()]
verify(
    "least squares on 32 values: its error; the best such predictor's, from theory",
    ((past[2200:] @ fit)[:, 0] - wave[2232:]).square().mean(),
    r[0] - r[1:] @ torch.linalg.solve(R, r[1:]),
    rtol=0.1,
)
verify(
    "its Jacobian on and above the diagonal",
    jacobian(lambda x: small_net(x[None])[0], wave[:40]).triu(),
    np.zeros((40, 40)),
    atol=1e-15,
)

# %% [markdown]
r"""
(lstm-peepholes)=
### Peepholes

With *peepholes* {cite:p}`gers2000` the gates of an LSTM see the memory as well, $i_t$ and $f_t$ the old $c_{t-1}$ and the output gate, which is computed after the update, the new one: $o_t=\sigma(W^{(o)}h_{t-1}+U^{(o)}x_t+p^{(o)}\odot c_t+b^{(o)})$. A common slip is to give it $c_{t-1}$ too; it shows $c_t$, so that is what it should look at.
"""


# %% tags=["checks"]
def peephole_step(x, h, c, W, U, b, p):  # p (3, m): weights of the memory in i, f, o
    i, f, new, o = (h @ W.T + x @ U.T + b).chunk(4, -1)
    c_new = sigma(f + p[1] * c) * c + sigma(i + p[0] * c) * torch.tanh(new)
    return sigma(o + p[2] * c_new) * torch.tanh(c_new), c_new


cell, g = nn.LSTMCell(3, 5), seeded(91)
x, h, c = (torch.randn(2, k, generator=g) for k in (3, 5, 5))
weights = (cell.weight_hh, cell.weight_ih, cell.bias_ih + cell.bias_hh)
verify(
    "peephole weights of zero: torch's LSTM",
    torch.stack(peephole_step(x, h, c, *weights, torch.zeros(3, 5))),
    torch.stack(cell(x, (h, c))),
    atol=1e-12,
)
p = torch.randn(3, 5, generator=g)
shown, memory = peephole_step(x, h, c, *weights, p)
opened = (shown / memory.tanh()).logit() - (
    h @ weights[0].T + x @ weights[1].T + weights[2]
)[:, 15:]
verify(
    "what opens the output gate, recovered from outside: p times the new memory",
    opened,
    p[2] * memory,
    atol=1e-8,
)

# %% [markdown]
r"""
(bidirectional-rnn)=
### Both ways

When the whole sequence is there, as in labelling words, one recurrence may run forward and one backward {cite:p}`schuster1997`; the output sees both, $\hat y_t=\psi(Vh_t^{\rightarrow}+\bar Vh_t^{\leftarrow})$, past and future. If the label is the *next* of four equally likely symbols, one direction can only guess.
"""


# %% tags=["checks"]
class Tagger(nn.Module):
    def __init__(self, both):
        super().__init__()
        self.net = nn.RNN(4, 12, batch_first=True, bidirectional=both)
        self.out = nn.Linear(12 * (1 + both), 4)

    def forward(self, x):
        return self.out(self.net(x)[0])


def next_symbol(n, g):
    s = torch.randint(0, 4, (n, 9), generator=g)
    return F.one_hot(s, 4).float(), s[:, 1:]


right, g = [], seeded(92)
for both in (False, True):
    torch.manual_seed(0)
    tagger = Tagger(both).float()
    opt = torch.optim.Adam(tagger.parameters(), 0.04)
    for _ in range(60):
        x, y = next_symbol(64, g)
        opt.zero_grad()
        F.cross_entropy(tagger(x)[:, :-1].flatten(0, 1), y.flatten()).backward()
        opt.step()
    x, y = next_symbol(1000, g)
    right.append((tagger(x)[:, :-1].argmax(-1) == y).double().mean().item())
verify("one direction: accuracy is chance", right[0], 1 / 4, atol=0.02)
verify_at_least("two directions: accuracy", right[1], 0.99)
both_net, x = (
    nn.RNN(3, 5, batch_first=True, bidirectional=True),
    torch.randn(2, 7, 3, generator=g),
)
halves = []
for end, way in (("", lambda v: v), ("_reverse", lambda v: v.flip(1))):
    W, U, b1, b2 = (
        getattr(both_net, f"{n}_l0{end}")
        for n in ("weight_hh", "weight_ih", "bias_hh", "bias_ih")
    )
    halves.append(way(rnn(way(x), torch.zeros(2, 5), W, U, b1 + b2)))
verify(
    "forward and backward, side by side: torch's",
    torch.cat(halves, -1),
    both_net(x)[0],
    atol=1e-12,
)

# %% [markdown]
r"""
(deep-rnn)=
### Layers

In a stacked (deep) recurrent network the state sequence of one layer is the input sequence of the next. [In practice](#sq-practice) did it for the LSTM.
"""

# %% tags=["checks"]
deep, x = (
    nn.RNN(3, 5, num_layers=2, batch_first=True),
    torch.randn(2, 7, 3, generator=seeded(93)),
)
out = x
for layer in range(2):
    W, U, b1, b2 = (
        getattr(deep, f"{n}_l{layer}")
        for n in ("weight_hh", "weight_ih", "bias_hh", "bias_ih")
    )
    out = rnn(out, torch.zeros(2, 5), W, U, b1 + b2)
verify("two recurrences in a chain: torch's num_layers=2", out, deep(x)[0], atol=1e-12)

# %% [markdown]
r"""
(recursive-network)=
### Trees

A *recursive* network applies one learned composition $F:\mathbb R^d\times\mathbb R^d\to\mathbb R^d$ at every inner node of a tree, $h=F(h^{\text{left}},h^{\text{right}})$ {cite:p}`socher2013`. In a balanced tree of 64 leaves each leaf is 6 compositions from the root, in a chain the first is 63 away, and the gradient has as far to go. Below $F$ learns *not(not(good))* up to depth 4 and is asked up to depth 8.
"""


# %% tags=["checks"]
def compose(a, b, A):  # F(a, b) = tanh(A [a, b])
    return torch.tanh(torch.cat([a, b], -1) @ A.T)


def balanced(leaves, A):
    while len(leaves) > 1:
        leaves = compose(leaves[0::2], leaves[1::2], A)
    return leaves[0]


def chain(leaves, A):
    h = leaves[0]
    for leaf in leaves[1:]:
        h = compose(h, leaf, A)
    return h


reaches_root = []
for seed in range(4):
    A = 0.3 * torch.randn(8, 16, generator=seeded(seed))
    leaves = torch.randn(64, 8, generator=seeded(100 + seed))
    to_root = [
        jacobian(lambda x: f(x, A), leaves)[:, 0].norm().log10()
        for f in (balanced, chain)
    ]
    reaches_root.append((to_root[0] - to_root[1]).item())
verify_at_least(
    "first leaf to root: orders of magnitude by which the tree's gradient is larger, four F",
    reaches_root,
    3,
)


class Nots(nn.Module):
    def __init__(self, d=6):
        super().__init__()
        self.leaf, self.F, self.out = (
            nn.Embedding(3, d),
            nn.Linear(2 * d, d),
            nn.Linear(d, 1),
        )

    def forward(self, word, depth):  # innermost word (1 good, 2 bad), number of nots
        h, root = self.leaf(word), torch.zeros(len(word), self.leaf.embedding_dim)
        no = self.leaf(torch.zeros_like(word))
        for k in range(9):
            root = torch.where((depth == k)[:, None], h, root)
            h = torch.tanh(self.F(torch.cat([no, h], 1)))
        return self.out(root)[:, 0]


torch.manual_seed(1)
word, depth = torch.tensor(list(itertools.product((1, 2), range(5)))).T
sign, tree = ((word == 1) ^ (depth % 2 == 1)).double(), Nots()
opt = torch.optim.Adam(tree.parameters(), 0.03)
for _ in range(200):
    opt.zero_grad()
    F.binary_cross_entropy_with_logits(tree(word, depth), sign).backward()
    opt.step()
word, depth = torch.tensor(list(itertools.product((1, 2), range(9)))).T
verify(
    "nested nots up to depth 8: errors",
    int(((tree(word, depth) > 0) != ((word == 1) ^ (depth % 2 == 1))).sum()),
    0,
)

# %% [markdown]
r"""
(sequence-modelling-approaches)=
### Convolutional, recurrent and recursive layers compared

| layer | what the last output sees | steps that must wait for each other |
|---|---|---|
| convolution, width 3 | 3 inputs | 1 |
| $L$ layers of them | $2L+1$ | $L$ |
| dilations 1, 2, 4 | 15 | 3 |
| recurrent | all, but it fades | $T$ |
| balanced tree | all | $\log_2T$ |

Wanted: parallel *and* unlimited, the theme of [linear recurrences](#linear-recurrent-unit) and of [attention](#attention-mechanism). To *see* is not to *use*: asked for the first of $T$ noisy symbols, a convolution of width 9 is at chance beyond its field, and a GRU, which sees everything, is at chance at length 40 too, with this budget.
"""


# %% tags=["checks"]
def first_symbol(n, T, g):
    y = torch.randint(0, 4, (n,), generator=g)
    x = 0.3 * torch.randn(n, T, 4, generator=g)
    x[:, 0] += F.one_hot(y, 4)
    return x.float(), y


class First(nn.Module):
    def __init__(self, gru):
        super().__init__()
        self.net = nn.GRU(4, 16, batch_first=True) if gru else nn.Conv1d(4, 16, 9)
        self.gru, self.out = gru, nn.Linear(16, 4)
        if gru:  # torch's z keeps
            nn.init.constant_(self.net.bias_ih_l0[16:32].data, 2.0)

    def forward(self, x):
        if self.gru:
            return self.out(self.net(x)[0][:, -1])
        return self.out(self.net(F.pad(x.mT, (8, 0))).relu()[..., -1])


right = {}
for gru, T in ((False, 5), (False, 10), (True, 10), (True, 40)):
    torch.manual_seed(0)
    model, g = First(gru).float(), seeded(94)
    opt = torch.optim.Adam(model.parameters(), 0.03)
    fall = torch.optim.lr_scheduler.OneCycleLR(opt, 0.03, total_steps=70)
    for _ in range(70):
        x, y = first_symbol(32, T, g)
        opt.zero_grad()
        F.cross_entropy(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        fall.step()
    x, y = first_symbol(1000, T, g)
    with torch.no_grad():
        right[gru, T] = (model(x).argmax(-1) == y).double().mean().item()
verify_at_least(
    "first symbol: convolution at length 5, GRU at 10",
    [right[False, 5], right[True, 10]],
    0.8,
)
verify(
    "first symbol: convolution at 10, GRU at 40: chance",
    [right[False, 10], right[True, 40]],
    [1 / 4] * 2,
    atol=0.05,
)
sees = []
for dilations in ([1], [1] * 4, [1, 2, 4]):
    h = x = torch.zeros(1, 1, 40, requires_grad=True)
    for d in dilations:
        h = causal(h, torch.ones(1, 1, 3), d)
    h[0, 0, -1].backward()
    sees.append(int((x.grad > 0).sum()))
verify(
    "inputs seen: width 3, four layers, dilations 1, 2, 4",
    sees,
    [3, 2 * 4 + 1, 1 + 2 * 7],
)

# %% [markdown]
r"""
(linear-recurrent-unit)=
### Linear recurrent units and scans

Leave the nonlinearity out of the recurrence and put it between the layers: $h_{t+1}=Ah_t+Bx_t$ {cite:p}`orvieto2023`. With $A=P\Lambda P^{-1}$ the coordinates $\xi=P^{-1}h$ do not talk to each other,

$$
\xi_{t+1}=P^{-1}(P\Lambda P^{-1}h_t+Bx_t)=\Lambda\xi_t+\tilde Bx_t,\qquad\tilde B=P^{-1}B,
$$ (eq-sq-lru)

which costs $O(d)$ a step. From $\xi_0=0$ it is a convolution, which [an FFT](#convolution-theorem) computes for all times at once:

$$
\xi_t=\sum_{k=0}^{t-1}\Lambda^k\tilde Bx_{t-1-k} .
$$ (eq-sq-lru-conv)

It is stable iff all $|\lambda_i|<1$: the eigenvalue *is* the memory. If the coefficients change with time, as a gate does, there is no convolution but a *scan*. A step is an affine map $h\mapsto ah+b$, and two make one, $(a_2,b_2)\circ(a_1,b_1)=(a_2a_1,\;a_2b_1+b_2)$; this is associative, so all prefixes can be had in $\lceil\log_2T\rceil$ rounds. State-space models such as S4 {cite:p}`gu2022` and Mamba {cite:p}`gu2024` are built on it.
"""


# %%
def scan(a, b):  # all states of h_t = a_t h_{t−1} + b_t, from zero; (batch, T, d)
    step = 1
    while step < a.shape[1]:  # join with what stands `step` before
        earlier_a = F.pad(a[:, :-step], (0, 0, step, 0), value=1.0)
        earlier_b = F.pad(b[:, :-step], (0, 0, step, 0))
        a, b, step = a * earlier_a, a * earlier_b + b, 2 * step
    return b


# %% tags=["checks"]
rng, T = np.random.default_rng(95), 300
A = rng.normal(size=(6, 6))
A *= 0.97 / np.abs(np.linalg.eigvals(A)).max()
B, x, h, dense = rng.normal(size=(6, 2)), rng.normal(size=(T, 2)), np.zeros(6), []
for v in x:
    h = A @ h + B @ v
    dense.append(h)
lam, eigen = np.linalg.eig(A)
pushed = x @ (np.linalg.inv(eigen) @ B).T
fft = lambda v: np.fft.fft(v, 2 * T, axis=0)
xi = np.fft.ifft(fft(lam ** np.arange(T)[:, None]) * fft(pushed), axis=0)[:T]
verify(
    "diagonal coordinates, by FFT, turned back: the dense states",
    (xi @ eigen.T).real,
    dense,
    atol=1e-8,
)
a, b = (
    torch.rand(2, 200, 3, generator=seeded(96)),
    torch.randn(2, 200, 3, generator=seeded(97)),
)
h, states = torch.zeros(2, 3), []
for t in range(200):
    h = a[:, t] * h + b[:, t]
    states.append(h)
verify(
    "a scan over 200 steps: the recurrence",
    scan(a, b),
    torch.stack(states, 1),
    atol=1e-12,
)

# %% [markdown]
r"""
(teacher-forcing)=
### Teacher forcing and exposure bias

A generator is trained with the *true* previous token as its input {cite:p}`williams1989`: it is the token that is forced, the state remains the model's own. All positions are trained at once. When it writes, it reads its own predictions, and errors feed errors, *exposure bias*; *scheduled sampling* {cite:p}`bengio2015` mixes own predictions into the training. Both agree at the first step. Below, a linear predictor of a noisy sine from its last four values.
"""

# %% tags=["checks"]
sine = torch.sin(0.3 * torch.arange(2000.0)) + 0.05 * torch.randn(
    2000, generator=seeded(98)
)
X = torch.stack([sine[4 - k : 2000 - k] for k in range(1, 5)], 1)  # the newest first
y = sine[4:]
w = torch.linalg.lstsq(X[:1000], y[:1000, None]).solution[:, 0]
starts = torch.arange(1000, 1900)
past, free = X[starts], []
for _ in range(50):
    free.append(past @ w)
    past = torch.cat([free[-1][:, None], past[:, :-1]], 1)
future = torch.stack([y[starts + k] for k in range(50)])
forced = torch.stack([X[starts + k] @ w for k in range(50)])
off_free = (torch.stack(free) - future).square().mean(1)
off_forced = (forced - future).square().mean(1)
verify(
    "error of the first step, free running and forced",
    off_free[0],
    off_forced[0],
    rtol=1e-12,
)
verify_at_least(
    "free running: error at step 50 over that of one step",
    off_free[49] / off_forced[49],
    3,
)

# %% [markdown]
r"""
(elmo)=
### ELMo

{cite:t}`peters2018` make word vectors that depend on the sentence. Letters are composed to a token vector (so unknown words have one too); $L$ LSTM layers read left to right and $L$ right to left. Forward and backward states of a layer are concatenated, the token vector is layer 0, and each task mixes the $L+1$ layers with softmax weights and a scale of its own, $\gamma\sum_{j=0}^Ls_jh_j$. (Counted singly these are the $2L+1$ vectors of a word.) The structure, untrained, for $L=2$:
"""


# %% tags=["checks"]
class Elmo(nn.Module):
    def __init__(self, d=8):
        super().__init__()
        self.letters, self.conv = nn.Embedding(27, d), nn.Conv1d(d, d, 3, padding=1)
        lstms = lambda: nn.ModuleList(nn.LSTM(d, d, batch_first=True) for _ in range(2))
        self.right, self.left = lstms(), lstms()
        self.s, self.gamma = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.ones(1))

    def forward(self, sentence):  # layers (3, words, 2d) and their mixture
        spelled = [torch.tensor([[ord(c) - 96 for c in w]]) for w in sentence.split()]
        token = torch.stack(
            [self.conv(self.letters(w).mT).amax(-1)[0] for w in spelled]
        )[None]
        layers, ahead, back = [torch.cat([token, token], -1)], token, token.flip(1)
        for right, left in zip(self.right, self.left):
            ahead, back = right(ahead)[0], left(back)[0]
            layers.append(torch.cat([ahead, back.flip(1)], -1))
        layers = torch.cat(layers)
        mix = self.gamma * torch.einsum("l,lwd->wd", self.s.softmax(0), layers)
        return layers, mix


torch.manual_seed(0)
elmo = Elmo()
layers, mix = elmo("the bank of the river")
mix.square().sum().backward()
verify(
    "mixture weights that receive a gradient, L = 2",
    int((elmo.s.grad != 0).sum()),
    2 + 1,
)
changed = [
    (
        layers[:, word].unflatten(-1, (2, 8))
        - elmo(other)[0][:, word].unflatten(-1, (2, 8))
    )
    .abs()
    .amax(-1)
    > 1e-12
    for other, word in (("the tank of the ocean", 0), ("a tank by our river", -1))
]
verify(
    "layers 0 to 2 × (forward, backward) that notice a change after, and before, the word",
    torch.stack(changed),
    [[[0, 0], [0, 1], [0, 1]], [[0, 0], [1, 0], [1, 0]]],
)
verify(
    "a word never seen has a vector too", tuple(elmo("the blorft")[1].shape), (2, 16)
)
