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
(training-dynamics-chapter)=
# Training dynamics

A small network learns a hundred digits by plain gradient descent, three times from the same start, with three learning rates. While it learns we measure one number that it is never told: the largest curvature of its loss. Can you say where that number will be after a thousand steps?
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
import torch.nn.functional as F
from scipy import optimize, stats
from scipy.sparse.linalg import LinearOperator, eigsh

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
digits = data.digits()


# %% tags=["remove-cell"]
@exercise.define("edge-scale")
def _(answer):
    q = optimize.brentq(
        lambda q: next_covariance(q, q, answer, 0.3) - q, 1e-12, answer**2 + 2
    )
    slope = answer**2 / math.sqrt(1 + math.pi * q)
    assert abs(slope - 1) < 5e-3, f"there χ is {slope:.3f}"
    return True


@exercise.define("landing")
def _(answer):
    end = two_factors(3, 0.35, answer, 4000)[-1]
    assert np.all(np.isfinite(end)) and abs(end.prod() - 1) < 1e-3, (
        "it does not end on the curve uv = 1"
    )
    assert 3 <= end @ end <= 4, f"the sharpness at the end is {end @ end:.2f}"
    return True


@exercise.define("resting-wobble")
def _(answer):
    before = stabilise(2 / 0.75, 0.01, 0.05, 400, 0.75, 3000)
    after = stabilise(2 / 0.375, 0.01, 0.2, 400, 0.375, 3000)
    seen = math.sqrt(after[:, 1].mean() / before[:, 1].mean())
    assert abs(answer - seen) < 0.1, "run `stabilise` twice and compare the mean x²"
    return True


@exercise.define("first-overshoot")
def _(answer):
    assert answer > 2, "so small a first step would not even overshoot"
    S_0 = start_sharpness["sharp start"][0]
    best = S_0 * warm_rates[np.isfinite(warm_ends["sharp start", 1.0][0])].max()
    assert abs(answer - best) < 0.02 * best, "read the table: rate times sharpness"
    return True


@exercise.define("rates-at")
def _(answer):
    for m, d in ((1024, 64), (256, 784), (32, 16)):
        moves = np.array(answer(m, d)) * [d, m, m] / 0.003 / [64, 256, 256]
        assert np.allclose(moves, 1), (
            f"m = {m}, d = {d}: the three sums move {moves.round(2)} times as far"
        )
    return True


@exercise.define("subtract-phase")
def _(answer):
    j = 2 * np.pi * np.arange(8)[:, None] / 8
    phase_a, phase_b = (v.ravel() for v in np.broadcast_arrays(j, 3.0 * j.T))
    at = 2 * np.pi * np.arange(23)[:, None] / 23
    out = 0
    for k in range(1, 12):
        A_k, B_k = np.cos(k * at + phase_a), np.cos(k * at + phase_b)
        out = out + outputs(A_k, B_k, np.cos(k * at + answer(phase_a, phase_b)))
    first, second = np.divmod(np.arange(529), 23)
    right = np.mean(out.argmax(1) == (first - second) % 23)
    assert right == 1, f"that network answers {right:.0%} of a − b"
    return True


@exercise.define("turned-answer")
def _(answer):
    k = np.fft.fftfreq(23, 1 / 23)
    shift = lambda W, s: (
        np.fft.ifft(
            np.fft.fft(W, axis=0) * np.exp(2j * np.pi * k * s / 23)[:, None], axis=0
        ).real
    )
    W = by_hand_adder(23)
    first, second = np.divmod(np.arange(529), 23)
    for s, t, r in ((3, 0, 0), (2, 5, 0), (4, 1, 7)):
        out = outputs(shift(W[0], s), shift(W[1], t), shift(W[2], r)).argmax(1)
        told = [answer(a, b, s, t, r) for a, b in zip(first, second)]
        assert np.array_equal(out, told), f"wrong for s = {s}, t = {t}, r = {r}"
    return True


@exercise.define("same-function")
def _(answer):
    orders = math.factorial(4) * math.factorial(3)
    assert answer != orders, "those are the orders; tanh is odd"
    return int(answer) == orders * 2 ** (4 + 3)


@exercise.define("deep-start")
def _(answer):
    sw, sb = answer
    q, k = through_theory(1.0, 0.3, sw, sb, 100).T
    assert k[-1] / q[-1] <= 0.9, f"the correlation ends at {k[-1] / q[-1]:.2f}"
    change = abs(np.log10(sw**2 / np.sqrt(1 + math.pi * q[1:])).sum())
    assert change < 3, f"the gradient changes by 10 to the {change:.1f}"
    return True


@exercise.define("sam-step")
def _(answer):
    for lam, eta, rho in ((1.0, 0.5, 0.3), (4.0, 0.1, 0.3), (3.0, 0.6, 0.1)):
        x = np.array([1.7])
        for _ in range(400):
            x = x - eta * sam_gradient(lambda x: lam * x, x, rho)
        told = answer(lam, eta, rho)
        assert abs(told - abs(x[0])) < 1e-6, (
            f"λ = {lam}, η = {eta}, ρ = {rho}: SAM ends at distance {abs(x[0]):.4f}"
        )
    return True


@exercise.define("relu-chi")
def _(answer):
    z = np.random.default_rng(0).normal(size=200_000)
    for sw in (0.7, 1.4, 2.0):
        simulated = sw**2 * np.mean((z > 0) ** 2)
        assert abs(answer(sw) - simulated) < 0.02, f"wrong for σ_w = {sw}"
    return True


@exercise.define("chain-limits")
def _(answer):
    for L in (2, 3, 6):
        chain = lambda w: (w.prod() - 1) ** 2 / 2
        top = torch.linalg.eigvalsh(
            torch.autograd.functional.hessian(chain, torch.ones(L).double())
        )[-1].item()
        sharp, rate = answer(L)
        assert abs(sharp - top) < 1e-9, f"for L = {L} the sharpness is not {sharp:.2f}"
        assert abs(rate * top - 2) < 1e-9, "an iterate is held as long as ηS < 2"
    return True


# %% tags=["set-up"]
centre = digits.X_train.mean(0)
hundred = 8 * F.normalize(torch.tensor(digits.X_train[:100] - centre).float())
names = torch.tensor(digits.y_train[:100])
targets = F.one_hot(names, 10).float() - 0.1


def small_networks(seeds, scale):
    """64-16-16-10 tanh networks of one start scale: three weights (seeds, in, out)."""
    makers = [torch.Generator().manual_seed(s) for s in seeds]
    draw = lambda a, b: torch.stack([torch.randn(a, b, generator=g) for g in makers])
    return [scale * draw(a, b) / a**0.5 for a, b in ((64, 16), (16, 16), (16, 10))]


def half_errors(P, X, Y):
    """Half the mean squared error of each network of the stack: (networks,)."""
    h = X.expand(len(P[0]), -1, -1)
    for W in P[:-1]:
        h = torch.tanh(h @ W)
    return ((h @ P[-1] - Y) ** 2).sum(2).mean(1) / 2


def norms(V):
    """Length of each network's direction, shaped to divide it."""
    return sum((v**2).sum((1, 2)) for v in V).sqrt()[:, None, None]


def sharpen(P, V, loops, X, Y):
    """Power iteration, all networks at once: largest curvatures, better directions."""
    grads = torch.autograd.grad(half_errors(P, X, Y).sum(), P, create_graph=True)
    for _ in range(loops):
        size = norms(V)
        V = [v / size for v in V]
        HV = torch.autograd.grad(grads, P, V, retain_graph=True)
        top = sum((v * hv).sum((1, 2)) for v, hv in zip(V, HV))
        V = [hv.detach() for hv in HV]
    return top.numpy(), V


def descend(P, eta, steps, every=0, X=hundred, Y=targets, ramp=1.0):
    """Full-batch descent, a rate for each network: weights, losses, sharpness.

    The first `ramp` steps are smaller, growing linearly.
    """
    P = [p.clone().requires_grad_() for p in P]
    g = torch.Generator().manual_seed(9)
    V = [torch.randn(p.shape, generator=g) for p in P]
    losses, tops = [], []
    for t in range(steps + 1):
        if every and t % every == 0:
            top, V = sharpen(P, V, 4 if t else 20, X, Y)
            tops.append(top)
        each = half_errors(P, X, Y)
        losses.append(each.detach().numpy())
        grads = torch.autograd.grad(each.sum(), P)
        step = eta * ((t + 1) / torch.as_tensor(ramp)).clip(max=1.0)
        with torch.no_grad():
            for p, d in zip(P, grads):
                p -= step[:, None, None] * d
    return [p.detach() for p in P], np.array(losses), np.array(tops)


edge_rates, edge_seeds, edge_every = np.array([0.4, 0.55, 0.75, 1.0, 1.4]), 3, 10
edge_end, *edge_raw = descend(
    [p.repeat(5, 1, 1) for p in small_networks(range(edge_seeds), 0.5)],
    torch.tensor(edge_rates).float().repeat_interleave(edge_seeds),
    1000,
    edge_every,
)
edge_losses, edge_tops = (v.reshape(-1, 5, edge_seeds) for v in edge_raw)

# %% tags=["picture"] mystnb={"image": {"alt": "Largest curvature against the step for three learning rates: it starts near 2.5; with the smallest rate it climbs to a dashed line at 5 and stays; with the middle rate to 2.7; with the largest rate it falls to 1.4 and stays. The losses keep falling all the while."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0))
for k, colour in zip((0, 2, 4), (plot.BLUE, plot.GREEN, plot.RED)):
    left.plot(
        edge_every * np.arange(len(edge_tops)),
        edge_tops[:, k, 0],
        color=colour,
        lw=1.2,
        label=rf"$\eta={edge_rates[k]:g}$",
    )
    left.axhline(2 / edge_rates[k], color=colour, ls="--", lw=1)
    right.semilogy(edge_losses[1:, k, 0], color=colour, lw=0.8)
left.set(xlabel="steps", title="largest curvature", ylim=(0, 6))
left.legend(loc="upper right", fontsize=8, ncols=3)
right.set(xlabel="steps", title="training loss")
plt.show()

# %% [markdown]
r"""
It climbs or falls, and then it stays: at 5 with the rate 0.4, at 2.7 with 0.75, at 1.4 with 1.4. The dashed lines are $2/\eta$, the largest curvature with which [a step of that size](#learning-rate) does not overshoot for ever. On a parabola one chooses a rate for the curvature that is there. Here the *curvature comes to the rate*. [Who holds it there?](#who-holds-it)

In every section one number is watched, and a short calculation says where it will go: the variance of a signal, the curvature, the movement of a unit when the network grows, the share of a frequency in a weight (when does a network *understand* addition?), the distance between two solutions.

You will be able to

- **predict** how deep a random network may be and still train,
- **explain** why the sharpness ends at $2/\eta$, and test the explanation by taking its cause away,
- **choose** learning rates that stay right when the width changes, and a warm-up when it helps,
- **read** an algorithm out of trained weights, write the same network by hand, and say which experiments prove it,
- **tell** a lottery ticket, a flat minimum and a probe from what their controls can do as well.

It builds on [gradient descent](#gradient-descent-chapter), on [the scale of a start](#initialization-heuristics) and on the lazy networks of [the neural tangent kernel](#lazy-training).
"""

# %% [markdown]
r"""
(does-it-arrive)=
## Does the signal arrive?

A network of thirty layers that was started badly does not learn: its last layer cannot tell two pictures apart, or its first layer hears nothing from the loss. [Two over the fan-in](#initialization-heuristics) keeps *lengths*. What must also survive is the *difference* between two inputs.

(mean-field-signal-propagation)=
Let a layer be wide, with weights of variance $\sigma_w^2/m$ and biases of variance $\sigma_b^2$:

$$
z^{l+1}_i=\sum_jW_{ij}\,\varphi(z^l_j)+b_i .
$$

Given the layer below, each $z_i$ is a sum of many independent terms: Gaussian. Two inputs give two Gaussians, and all that counts is their variance $q$ and their covariance $k$. One layer on, these are

$$
k'=\sigma_w^2\,\mathbb E[\varphi(u)\varphi(v)]+\sigma_b^2,\qquad (u,v)\sim\mathcal N\Bigl(0,\begin{pmatrix}q&k\\k&q\end{pmatrix}\Bigr),
$$ (eq-td-map)

and the same with $u=v$ for $q'$. That map is *mean-field theory* {cite:p}`poole2016`. For a well-chosen sigmoid the integral can be done. Take $\varphi(z)=\operatorname{erf}(\sqrt\pi z/2)$, which has slope 1 at zero and the limits $\pm1$, never further than $0.04$ from $\tanh$. One gets {cite:p}`williams1996`

$$
k'=\sigma_w^2\,\frac2\pi\arcsin\frac{\pi k}{2+\pi q}+\sigma_b^2 .
$$ (eq-td-arcsin)

<details><summary>Why an arcsine</summary>

Since $\varphi(z)=\Pr(|g|<\sqrt{\pi/2}\,|z|)\operatorname{sign}z$ for a standard normal $g$, or $\varphi(z)=\mathbb E\operatorname{sign}(z-g/\sqrt{\pi/2})$, the expectation of a product is one of *two signs*: of the Gaussians $u-g\sqrt{2/\pi}$ and $v-g'\sqrt{2/\pi}$, with variance $q+\frac2\pi$ and covariance $k$. Signs of two Gaussians of correlation $c$ agree with probability $1-\frac1\pi\arccos c$, so their product has mean $\frac2\pi\arcsin c$.

</details>

**By hand.** Without biases and with $\sigma_w=1$, a length $q=1$ becomes $\frac2\pi\arcsin\frac{\pi}{2+\pi}=\frac2\pi\cdot0.657=0.42$, then $0.26$, then $0.19$. Two inputs at a right angle, $k=0$, stay at a right angle.
"""


# %%
def next_covariance(k, q, sw, sb):
    return sw**2 * 2 / math.pi * np.arcsin(math.pi * k / (2 + math.pi * q)) + sb**2


def through_theory(q, k, sw, sb, depth):
    layers = [(q, k)]
    for _ in range(depth):
        q, k = next_covariance(q, q, sw, sb), next_covariance(k, q, sw, sb)
        layers.append((q, k))
    return np.array(layers)  # (depth + 1, 2)


# %% tags=["set-up"]
def phi(z):
    return torch.erf(math.sqrt(math.pi) / 2 * z)


def two_through(sw, sb, depth, width, seed, q=1.0, c=0.3):
    """q of one and k of both of two inputs behind each layer of a random network."""
    g = torch.Generator().manual_seed(seed)
    first, other = torch.linalg.qr(torch.randn(width, 2, generator=g))[0].T
    z = torch.stack([first, c * first + math.sqrt(1 - c * c) * other])
    z, layers = z * math.sqrt(q * width), [(q, q * c)]
    for _ in range(depth):
        W = torch.randn(width, width, generator=g) * sw / math.sqrt(width)
        z = phi(z) @ W + sb * torch.randn(width, generator=g)
        layers.append(((z[0] @ z[0] / width).item(), (z[0] @ z[1] / width).item()))
    return np.array(layers)


# %% tags=["checks"]
nodes, mass = np.polynomial.hermite_e.hermegauss(80)
mass = mass / mass.sum()
erf_nodes = lambda z: phi(torch.tensor(z)).numpy()
spots = ((0.4, 0.3), (1.0, -0.6), (2.0, 0.9))  # q and correlation
by_quadrature = []
for q, c in spots:
    v = c * nodes[:, None] + math.sqrt(1 - c * c) * nodes
    left, right = erf_nodes(math.sqrt(q) * nodes), erf_nodes(math.sqrt(q) * v)
    by_quadrature.append(1.7 * (mass * left) @ right @ mass + 0.05)
verify(
    "three covariances: the arcsine, and the integral by Gauss and Hermite",
    [next_covariance(q * c, q, math.sqrt(1.7), math.sqrt(0.05)) for q, c in spots],
    by_quadrature,
    atol=1e-6,
)
wide_runs = np.array([two_through(1.5, 0.2, 3, 400, s)[3] for s in range(40)])
verify_within_se(
    "k behind three layers of 400 units, forty networks",
    wide_runs[:, 1],
    through_theory(1.0, 0.3, 1.5, 0.2, 3)[3, 1],
)

# %% [markdown]
r"""
(edge-of-chaos)=
**Order and chaos.** With a bias the length settles at a fixed point $q^*$. Two inputs of that length are almost the same, $k=q^*-\varepsilon$. The map [above](#eq-td-map) multiplies the gap $\varepsilon$ by its slope at $k=q$. Differentiating under the integral gives $\partial k'/\partial k=\sigma_w^2\,\mathbb E[\varphi'(u)\varphi'(v)]$, so at $u=v$

$$
\chi=\sigma_w^2\,\mathbb E[\varphi'(z)^2]=\frac{\sigma_w^2}{\sqrt{1+\pi q^*}} ,
$$ (eq-td-chi)

since $\varphi'(z)=e^{-\pi z^2/4}$ and $\mathbb E\,e^{-\pi z^2/2}=(1+\pi q)^{-1/2}$. If $\chi<1$ neighbours come together, and in the end inputs look alike: *order*. If $\chi>1$ neighbours part: *chaos*. Between lies the *edge of chaos*, $\chi=1$.

The same number rules the way back. A layer sends the signal $\delta$ to $\varphi'(z_j)\sum_iW_{ij}\delta_i$, of mean square $\sigma_w^2\,\mathbb E[\varphi'^2]=\chi$ times that above, if the signal is taken as independent of the weights. (For rectified units $\mathbb E[\varphi'^2]=\frac12$ whatever $q$: $\chi=1$ at $\sigma_w^2=2$, the rule you know. But even there inputs grow alike: a correlation of 0.3 is 0.97 after 30 layers.) In order gradients vanish, in chaos they explode. The slider shows 30 layers.
"""


# %%
def chi(q, sw):
    return sw**2 / np.sqrt(1 + math.pi * q)


def fixed_point(sw, sb):
    most = sw**2 + sb**2 + 1  # setting
    return optimize.brentq(lambda q: next_covariance(q, q, sw, sb) - q, 1e-12, most)


# %% tags=["picture"]
def signals(sw):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8))
    q, k = through_theory(1.0, 0.3, sw, 0.22, 30).T
    for seed in range(3):
        there = two_through(sw, 0.22, 30, 100, seed)
        left.plot(there[:, 1] / there[:, 0], ".", color=plot.SKY, ms=4)
    left.plot(k / q, color=plot.BLUE)
    left.set(ylim=(-0.1, 1.05), xlabel="layer", title="correlation of two inputs")
    back = np.cumprod(np.r_[1, chi(q[1:], sw)[::-1]])[::-1]
    right.plot(np.log10(back), color=plot.RED)
    right.set(ylim=(-16, 12), xlabel="layer")
    right.set_title("squared gradient, power of ten")
    fig.suptitle(rf"$\sigma_w={sw}$, $\chi={chi(fixed_point(sw, 0.22), sw):.2f}$")
    return fig


explore(
    signals,
    alt="Left the correlation of two inputs over thirty layers, theory as a line and three networks as dots; right the gradient on its way back. For small weights the correlation goes to one and the gradient vanishes, for large ones it falls to a small value and the gradient explodes, between them both survive",
    sw=[0.7, 1.0, 1.2, 1.3, 1.5, 1.8, 2.5],
)

# %% tags=["checks"]
some_sw, some_q = np.array([0.8, 1.3, 2.2]), np.array([0.3, 0.7, 2.9])
near = next_covariance(some_q * (1 - 1e-7), some_q, some_sw, 0.2)
verify(
    "χ is the slope of the map at k = q, by differences",
    (next_covariance(some_q, some_q, some_sw, 0.2) - near) / (1e-7 * some_q),
    chi(some_q, some_sw),
    rtol=1e-3,
)
alike, c = [], 0.3
for _ in range(30):  # the same integral for rectified units
    c = (math.sqrt(1 - c * c) + (math.pi - math.acos(c)) * c) / math.pi
for seed in range(20):
    g = torch.Generator().manual_seed(seed)
    pair = torch.linalg.qr(torch.randn(150, 2, generator=g))[0].T
    z = torch.stack([pair[0], 0.3 * pair[0] + math.sqrt(0.91) * pair[1]])
    for _ in range(30):
        z = torch.relu(z) @ torch.randn(150, 150, generator=g) / 75**0.5
    alike.append(F.cosine_similarity(z[0], z[1], 0).item())
verify_within_se(
    "rectified units, two over the fan-in: correlation after 30 layers", alike, c
)
back_gains = []
for seed in range(40):
    g = torch.Generator().manual_seed(seed)
    z = (2**0.5 * torch.randn(300, generator=g)).requires_grad_()
    W = 1.3 * torch.randn(300, 300, generator=g) / 300**0.5
    signal = torch.randn(300, generator=g)
    (back,) = torch.autograd.grad(phi(z) @ W, z, signal)
    back_gains.append(((back @ back) / (signal @ signal)).item())
verify_within_se(
    "one layer backwards, q = 2: mean gain of forty layers, by automatic differentiation",
    back_gains,
    chi(2.0, 1.3),
)

# %% [markdown]
r"""
(trainable-depth)=
**A depth that can be computed.** Off the edge the covariance approaches its own fixed point $k^*$ ($=q^*$ in order, smaller in chaos) by a constant factor a layer, the slope $s$ of the map there. So the memory of what two inputs had in common fades like

$$
|k^l-k^*|\propto s^l=e^{-l/\xi},\qquad \xi=\frac1{|\ln s|} .
$$ (eq-td-depth)

At the edge, $\xi$ is infinite. {cite:t}`schoenholz2017` trained networks all over the plane of $\sigma_w$ and depth and found that they train up to a depth of about $6\,\xi$. Networks of width 32 with erf units are to learn forty digits in sixty steps. Eight scales, three depths, four learning rates each, from one start: near the threshold another start may fall on the other side.
"""


# %%
def slope_at(k, q, sw):  # of the map, at the fixed point k
    c = math.pi * k / (2 + math.pi * q)
    return sw**2 * 2 / ((2 + math.pi * q) * np.sqrt(1 - c**2))


def memory_depth(sw, sb):
    one = np.ones_like(sw)
    q, k = through_theory(one, 0.3 * one, sw, sb, 3000)[-1]  # setting
    return 1 / abs(np.log(slope_at(k, q, sw)))


# %% tags=["set-up"]
deep_sw = np.array([0.6, 0.8, 1.0, 1.2, 1.4, 1.7, 2.1, 2.7])
deep_rates, deep_depths, deep_sb = [0.003, 0.01, 0.03, 0.1], (8, 16, 32), 0.22


def train_deep(depth, seed, width=32, n=40, steps=60):
    """Training accuracy of all scales and rates at one depth: (scales, rates)."""
    g = torch.Generator().manual_seed(seed)
    rates = torch.tensor(deep_rates).repeat(len(deep_sw))[:, None, None]
    sw = torch.tensor(deep_sw).float().repeat_interleave(len(deep_rates))[:, None, None]
    fan = [64] + [width] * depth
    weights = [
        sw * torch.randn(1, a, b, generator=g) / a**0.5 for a, b in zip(fan, fan[1:])
    ]
    biases = [deep_sb * torch.randn(1, 1, b, generator=g) for b in fan[1:]]
    last = torch.randn(1, width, 10, generator=g) / width**0.5
    P = [
        *weights,
        *(b.repeat(len(sw), 1, 1) for b in biases),
        last.repeat(len(sw), 1, 1),
    ]
    P = [p.requires_grad_() for p in P]
    M = [torch.zeros_like(p) for p in P]
    for _ in range(steps + 1):
        h = hundred[:n].expand(len(sw), -1, -1)
        for W, b in zip(P[:depth], P[depth : 2 * depth]):
            h = phi(torch.baddbmm(b, h, W))
        out = h @ P[-1]
        loss = F.cross_entropy(
            out.flatten(0, 1), names[:n].repeat(len(sw)), reduction="sum"
        )
        grads = torch.autograd.grad(loss / n, P)
        with torch.no_grad():
            for p, m, d in zip(P, M, grads):
                m.mul_(0.9).add_(d)
                p -= rates * m
    right = (out.argmax(2) == names[:n]).float().mean(1)
    return right.view(len(deep_sw), -1).numpy()


deep_runs = np.array([train_deep(depth, 0) for depth in deep_depths])
deep_best = deep_runs.max(2)  # (depth, scale)
deep_reach = 6 * memory_depth(deep_sw, deep_sb)
print("σ_w           " + "".join(f"{sw:7.1f}" for sw in deep_sw))
print("6 ξ           " + "".join(f"{reach:7.0f}" for reach in deep_reach))
for depth, row in zip(deep_depths, deep_best):
    print(f"depth {depth:2}      " + "".join(f"{right:7.2f}" for right in row))

# %% tags=["picture"] mystnb={"image": {"alt": "Three rows of dots, depths 8, 16 and 32, over the scale of the weights, coloured by training accuracy; a dashed curve of six memory depths rises to a spike near 1.3. The dots well under the curve are dark, those well above it pale."}}
fig, ax = plt.subplots(figsize=(6.8, 2.9))
fine_sw = np.linspace(0.5, 3, 81)
reach_line = 6 * memory_depth(fine_sw, deep_sb)
ax.plot(fine_sw, reach_line, "--", color=plot.GREY, label=r"$6\,\xi$")
dots = ax.scatter(
    np.tile(deep_sw, len(deep_depths)),
    np.repeat(deep_depths, len(deep_sw)),
    c=deep_best.ravel(),
    cmap="Blues",
    vmin=0,
    vmax=1,
    s=130,
    edgecolors=plot.GREY,
)
fig.colorbar(dots, label="training accuracy")
ax.set(xlabel=r"$\sigma_w$", ylabel="depth", ylim=(0, 45))
ax.legend()
plt.show()

# %% [markdown]
r"""
At 32 layers only the networks near the edge learn. Call a network trained when more than half its answers are right: then $L<6\,\xi$ is wrong once in 24, at $\sigma_w=0.6$, where eight layers learn although $6\,\xi=5$. The best threshold on the depth alone is wrong six times, the best on $\sigma_w$ alone four times. Doubtful is $\sigma_w=2.1$ at depth 32, with 55 per cent: in chaos gradients have a shorter depth scale, $1/\ln\chi$.
"""

# %% tags=["checks"]
learnt = deep_best > 0.5
told = deep_reach > np.array(deep_depths)[:, None]
by_depth = [
    (learnt != (np.array(deep_depths)[:, None] < d)).sum() for d in (1, 9, 17, 99)
]
by_scale = [(learnt != (deep_sw > s)).sum() for s in (0, *deep_sw)]
verify_at_most(
    "wrong verdicts of 6ξ, over those of the best threshold on depth, on σ_w",
    [(told != learnt).sum() / min(by) for by in (by_depth, by_scale)],
    0.5,
)
verify_at_least(
    "depth 32: rank correlation of the accuracy with the memory depth",
    stats.spearmanr(deep_best[2], deep_reach)[0],
    0.8,
)
fades = through_theory(1.0, 0.3, 1.0, 0.22, 40)
verify(
    "the fixed point is where the recursion ends, two scales",
    [fixed_point(sw, 0.22) for sw in (0.8, 2.0)],
    [through_theory(1.0, 0.3, sw, 0.22, 500)[-1, 0] for sw in (0.8, 2.0)],
    rtol=1e-9,
)
verify(
    "order: the gap q − k shrinks by e^(−1/ξ) a layer, from layer 30 to 40",
    np.log((fades[30] @ [1, -1]) / (fades[40] @ [1, -1])) / 10,
    1 / memory_depth(1.0, 0.22),
    rtol=1e-3,
)

# %% [markdown]
r"""
(live-signals)=
Drag the point over the plane. In chaos, right of the edge, watch the gradient; in order the correlation. Where is the edge without biases ($\sigma_b=0$)? The rings are the networks of the experiment, filled as far as they learnt.
"""


# %% tags=["set-up"]
def signals_truth(state):
    sw, sb, depth = state["sw"], state["sb"], state["depth"]
    q, k = through_theory(1.0, 0.3, sw, sb, depth).T
    back = np.cumsum(np.r_[0, np.log10(chi(q[:0:-1], sw))])[::-1]
    end_q, end_k = through_theory(1.0, 0.3, sw, sb, 3000)[-1]
    ends = [slope_at(end_k, end_q, sw), chi(end_q, sw)]
    return [q.tolist(), (k / q).tolist(), back.tolist(), ends]


# %% tags=["picture"]
rng = np.random.default_rng(3)
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8))
left.plot(fine_sw, reach_line, "--", color=plot.GREY)
left.plot(1.8, 40, "o", color=plot.ORANGE)
left.set(ylim=(0, 64), xlabel=r"$\sigma_w$", ylabel="depth")
right.plot(signals_truth({"sw": 1.8, "sb": 0.22, "depth": 40})[1], color=plot.BLUE)
right.set(ylim=(0, 1), xlabel="layer", title="correlation of two inputs")
live(
    "signals",
    {
        "sw": 1.8,
        "sb": 0.22,
        "depth": 40,
        "q": 1.0,
        "c": 0.3,
        "trained": [
            [sw, depth, round(float(right_share), 2)]
            for depth, row in zip(deep_depths, deep_best)
            for sw, right_share in zip(deep_sw.tolist(), row)
        ],
    },
    still=fig,
    states=[
        {
            "sw": round(rng.uniform(0.5, 3), 3),
            "sb": round(rng.uniform(0.02, 0.6), 3),
            "depth": int(rng.integers(1, 65)),
        }
        for _ in range(20)
    ],
    truth=signals_truth,
    alt="Left a plane of weight scale and depth with a point to drag and a dashed line of six memory depths; right, for the point, the correlation of two inputs and the size of the gradient layer by layer",
)

# %% [markdown]
r"""
**Try it.** With biases of $\sigma_b=0.3$, which $\sigma_w$ stands on the edge of chaos? (`fixed_point` and `chi` are yours to use; a search by `optimize.brentq` is a line.)
"""

# %% tags=["yours"]
edge_scale = ...  # a number

exercise("edge-scale").check(edge_scale)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
edge_scale = optimize.brentq(lambda sw: chi(fixed_point(sw, 0.3), sw) - 1, 0.5, 3)
```

About 1.41. Without biases $q^*=0$ on the edge, so $\sigma_w=1$: the biases keep the signal long enough to be squashed, and the weights must make up for it.

</details>
"""

# %% [markdown]
r"""
(who-holds-it)=
## Who holds the sharpness?

The largest eigenvalue of the Hessian, the *sharpness* $S$, decides whether a step overshoots. If something drives it to $2/\eta$, then a rule that [treats the curvature as given](#curvature-limits-step-size) tells half the story.

(balanced-factors)=
**The smallest network.** One input, one hidden unit without activation, one output: $f=uv$, and the loss $\frac12(uv-1)^2$. With the error $r=uv-1$ the gradient is $(rv,\,ru)$, so a step leads to $u-\eta rv$ and $v-\eta ru$. Square both and subtract: the mixed terms cancel,

$$
u_{t+1}^2-v_{t+1}^2=(1-\eta^2r_t^2)\,(u_t^2-v_t^2).
$$ (eq-td-balance)

For infinitely small steps the difference is conserved. *Finite steps shrink it*, and the more so the more they err. The minima form the curve $uv=1$, the Hessian there is $\begin{pmatrix}v^2&1\\1&u^2\end{pmatrix}$ with determinant 0, and the sharpness is its trace, $S=u^2+v^2$. Large where the factors are unequal, least (2) at $u=v=1$.

**By hand.** Start at $(3,\,0.35)$, $r=0.05$, with $\eta=0.3$. Stable would be $S<2/\eta=6.7$; here $S$ is about 9. The step leads to $(2.995,\,0.305)$: $r=-0.087$. It overshot, and the error grew. Meanwhile $u^2-v^2$ went from $8.878$ to $8.876$. But the error goes on growing by $1.7$ a step, and the price $\eta^2r^2$ by three. In the end the wobble is so large that the difference falls, and with it the sharpness; once $S<6.7$ the wobble dies, and pays until it is dead. Where does it stop?
"""


# %%
def two_factors(u, v, eta, steps):
    path = [(u, v)]
    for _ in range(steps):
        r = u * v - 1
        u, v = u - eta * r * v, v - eta * r * u
        path.append((u, v))
    return np.array(path)


# %% tags=["picture"]
def rolling(eta):
    path = two_factors(3, 0.35, eta, 150)
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8))
    u = np.linspace(0.3, 3.4, 100)
    left.plot(u, 1 / u, color=plot.GREY)
    left.plot(*path.T, ".-", color=plot.RED, ms=3, lw=0.4)
    left.set(xlim=(0.3, 3.4), ylim=(-0.3, 2), xlabel="$u$", ylabel="$v$")
    right.plot((path**2).sum(1), color=plot.BLUE)
    right.axhline(2 / eta, color=plot.GREY, ls="--")
    right.set(ylim=(0, 12), xlabel="steps", title="$u^2+v^2$ and $2/\\eta$")
    return fig


explore(
    rolling,
    alt="Left the steps across the curve uv = 1, right u² + v² against a dashed line at 2/η: for small rates nothing moves; once the line lies below nine the steps jump over the curve, slide along it, and the sum falls below the line",
    eta=[0.23, 0.26, 0.3, 0.35, 0.4, 0.43],
)

# %% tags=["checks"]
rolled = two_factors(3, 0.35, 0.3, 400)
errors_uv = rolled.prod(1) - 1
verify(
    "the difference of squares along the way: a product of 1 − (ηr)²",
    rolled[1:, 0] ** 2 - rolled[1:, 1] ** 2,
    (9 - 0.35**2) * np.cumprod(1 - (0.3 * errors_uv[:-1]) ** 2),
    rtol=1e-9,
)
uv = torch.tensor([2.5, 0.4], dtype=torch.float64)
square_loss = lambda w: (w[0] * w[1] - 1) ** 2 / 2
verify(
    "eigenvalues of the Hessian at (2.5, 0.4), by automatic differentiation",
    torch.linalg.eigvalsh(torch.autograd.functional.hessian(square_loss, uv)),
    [0.0, 2.5**2 + 0.4**2],
    atol=1e-12,
)
ends = np.array([two_factors(3, 0.35, eta, 4000)[-1] for eta in (0.24, 0.3, 0.36)])
verify_at_most(
    "three rates: sharpness where it ends, times η",
    (ends**2).sum(1) * [0.24, 0.3, 0.36],
    2.0,
)
verify("and there uv = 1", ends.prod(1), np.ones(3), atol=1e-6)

# %% [markdown]
r"""
(catapult)=
A start that is too sharp is thrown across the valley and lands in a flatter place: the *catapult* {cite:p}`lewkowycz2020`. With $0.44$ in place of $0.43$ the ball flies off. Square the two factors of a step and add, with $uv=1+r$:

$$
S_{t+1}-S_t=\eta r_t^2\,(\eta S_t-4)-4\eta r_t .
$$ (eq-td-catapult)

To lose most of its sharpness a steep start is thrown to an $|r|$ of a quarter to a half of $S_0$ (hardly more, since $2|uv|\le S$), and beside such an $r^2$ the last term is small. The rest is negative as long as $\eta S<4$. So for steep starts near the curve the end is at about $\eta=4/S_0$; between $2/S_0$ and that, the loss rises and *then* falls. For flat ones it comes sooner: every minimum has $S\ge2$, so none holds the ball beyond $\eta=1$.
"""

# %% tags=["checks"]
uphill = np.arange(1.9, 4.4, 0.02)  # rates, times the sharpness at the start
last_landings = []
for u0, v0 in ((8, 0.126), (5, 0.21), (3, 0.35), (1.8, 0.57), (1.5, 0.7), (1.3, 0.8)):
    rate = uphill / (u0**2 + v0**2)
    with np.errstate(all="ignore"):
        landed = two_factors(*np.tile([[u0], [v0]], len(rate)), rate, 3000)[-1]
        lands = abs(landed.prod(0) - 1) < 1e-3
    last_landings.append([u0**2 + v0**2, rate[lands].max()])
steep, last_rate = np.array(last_landings).T
verify(
    "six starts near the curve: the largest rate that lands is the smaller of 4/S₀ and 1",
    last_rate,
    np.minimum(4 / steep, 1),
    rtol=0.02,
)
far_rates = np.linspace(3, 3.9, 10) / steep[:2, None]
thrown = two_factors(
    *np.repeat([[[8.0], [5.0]], [[0.126], [0.21]]], 10, 2), far_rates, 3000
)
far_r, far_S = abs(thrown.prod(1) - 1), (thrown**2).sum(1)
verify(
    "two steep starts, ηS₀ from 3 to 3.9: the largest |r| over S₀, from 1/4 to 1/2",
    far_r.max(0) / far_S[0],
    np.full((2, 10), 3 / 8),
    atol=1 / 8,
)
verify_at_least("and of their sharpness they lose", 1 - far_S[-1] / far_S[0], 0.5)

# %% [markdown]
r"""
**Try it.** From $(3,\,0.35)$, find a rate with which the sharpness at the end lies between 3 and 4.
"""

# %% tags=["yours"]
landing_rate = ...  # a learning rate

exercise("landing").check(landing_rate)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$2/\eta$ is where the wobble stops growing, and it goes on paying while it dies. So aim well above: $\eta=0.3$, with $2/\eta=6.7$, lands at 3.2.

```python
landing_rate = 0.3
```

</details>
"""

# %% [markdown]
r"""
(progressive-sharpening)=
**And why does it rise?** At the start all weights are small; a layer's derivative is a product of the *other* layers' weights, and learning makes weights larger. In the smallest network the Hessian at $(0,0)$ has the eigenvalues $\pm1$, at the balanced minimum 0 and 2. For a chain of $L\ge3$ factors, $\frac12(w_1\cdots w_L-1)^2$, it goes from 0 to $L$. While the loss falls the sharpness tends to grow: *progressive sharpening* {cite:p}`cohen2021`.

(edge-of-stability)=
**The meeting.** Learning sharpens, overshooting flattens, and they meet at $2/\eta$, the *edge of stability*. All the runs of the opening:
"""

# %% tags=["set-up"]
edge_late = edge_tops[-25:].mean(0)  # (rate, start), steps 760 to 1000
edge_ups = (np.diff(edge_losses, axis=0) > 0).mean(0)
print("                      three starts: mean of ηS over      steps in which   loss")
print(
    "rate   2/η    ηS at 0   the last quarter                   the loss rises   at the end"
)
for k, eta in enumerate(edge_rates):
    late = "  ".join(f"{eta * s:.3f}" for s in edge_late[k])
    print(
        f"{eta:4.2f}   {2 / eta:.2f}     {eta * edge_tops[0, k].mean():.2f}    {late}"
        f"               {edge_ups[k].mean():5.0%}            {edge_losses[-1, k].mean():.4f}"
    )

# %% [markdown]
r"""
Each of the fifteen runs ends at $\eta S=2$, to three per cent, from above or from below. At the largest rate four steps of ten make the loss *larger*, and yet it ends lower than with the smallest rate.
"""

# %%
headline(
    "sharpness × learning rate at the end of training, five rates, three starts",
    edge_late * edge_rates[:, None],
    np.full((5, 3), 2.0),
    rtol=0.03,
)


# %% tags=["checks"]
def exact_sharpness(weights):
    """Largest curvature by Lanczos, double precision: another method, another code."""
    sizes = [w.numel() for w in weights]
    theta = torch.cat([w.flatten() for w in weights]).double()

    def loss(theta):
        h = hundred.double()
        parts = [v.view(w.shape) for v, w in zip(theta.split(sizes), weights)]
        for W in parts[:-1]:
            h = torch.tanh(h @ W)
        return ((h @ parts[-1] - targets) ** 2).sum(1).mean() / 2

    product = lambda v: torch.autograd.functional.vhp(
        loss, theta, torch.tensor(np.ravel(v))
    )[1].numpy()
    operator = LinearOperator((len(theta),) * 2, matvec=product, dtype=float)
    return eigsh(operator, 1, which="LA", tol=1e-4, v0=np.ones(len(theta)))[0][0]


verify(
    "the sharpness at the end of three runs, by Lanczos in double precision",
    edge_tops[-1].T[0, [0, 2, 4]],
    [exact_sharpness([w[3 * k] for w in edge_end]) for k in (0, 2, 4)],
    rtol=0.03,
)
verify_at_least(
    "the smallest rate: sharpness climbs from below its line, each start",
    edge_rates[0] * (edge_late[0] - edge_tops[0, 0]),
    0.5,
)
verify_at_most(
    "the largest rate: it falls from above, each start",
    edge_rates[4] * (edge_late[4] - edge_tops[0, 4]),
    -0.5,
)

# %% [markdown]
r"""
(self-stabilization)=
**The mechanism, and a prediction.** Write the weights as a smooth path $\bar\theta$ plus a wobble $x$ along the sharpest direction $v$, a unit vector. Taylor's formula for the gradient has one more term than usual:

$$
\nabla\mathcal R(\bar\theta+xv)=\nabla\mathcal R(\bar\theta)+xS\,v+\tfrac12x^2\,\nabla S(\bar\theta)+\dots
$$

The last is the derivative of $v^\top Hv=S$ in every direction: third derivatives of the loss *are* derivatives of the sharpness. (The eigenvector moves, too, but to first order this does not change $v^\top Hv$, since $v$ is where it is largest.) A step does two things. The wobble becomes $(1-\eta S)\,x$. The path moves by $-\eta(\nabla\mathcal R+\frac12x^2\nabla S)$, so that $S$ changes by

$$
S_{t+1}-S_t\approx\eta\bigl(\alpha-\tfrac12\beta x_t^2\bigr),\qquad\alpha=-\langle\nabla\mathcal R,\nabla S\rangle,\quad\beta=\|\nabla S\|^2 .
$$ (eq-td-stabilise)

The wobble, left or right, drives the sharpness *down*; progressive sharpening, $\alpha>0$, drives it up. Above $2/\eta$ the wobble grows, below it shrinks. At rest both stand still {cite:p}`damian2023`:

$$
S=\frac2\eta,\qquad x^2=\frac{2\alpha}\beta .
$$ (eq-td-rest)

So the theory says *how far the weights jump*. The two rules alone circle around the point of rest. Their mean $x^2$ hits it; their mean $S$ lies three per cent above $2/\eta$, for it is the mean of $\ln(\eta S-1)$ that must vanish, and the logarithm is concave:
"""


# %%
def stabilise(S, x, alpha, beta, eta, steps):
    path = []
    for _ in range(steps):
        S = S + eta * (alpha - beta * x**2 / 2)
        x = (1 - eta * S) * x
        path.append((S, x**2))
    return np.array(path)


S_mean, x2_mean = stabilise(2.0, 0.01, 0.05, 400, 0.75, 3000).mean(0)  # setting
print(f"S      {S_mean:.3f}     2/η    {2 / 0.75:.3f}")
print(f"x²     {x2_mean:.2e}  2α/β   {2 * 0.05 / 400:.2e}")

# %% [markdown]
r"""
Measure these jumps: seven networks that learn fifty digits, with three rates each, over three hundred steps at the edge. We take the displacement along the sharpest direction, and $\alpha$ and $\beta$ by automatic differentiation, without their parts along $v$, which belong to the wobble. Does the prediction follow from rate to rate, and from start to start?
"""

# %% tags=["set-up"]
SHAPES = [(64, 16), (16, 16), (16, 10)]


def inner(A, B):
    """Inner product of two directions of each network of the stack: (networks,)."""
    return sum((a * b).sum((1, 2)) for a, b in zip(A, B))


def towards_sharpness(P, V, X, Y):
    """Gradients of the loss and of S = vᵀHv at P, and Hv."""
    P = [p.detach().requires_grad_() for p in P]
    grad_R = torch.autograd.grad(half_errors(P, X, Y).sum(), P, create_graph=True)
    HV = torch.autograd.grad(grad_R, P, V, create_graph=True)
    grad_S = torch.autograd.grad(inner(V, HV).sum(), P)
    return [[d.detach() for d in D] for D in (grad_R, grad_S, HV)]


def unit(V):
    size = norms(V)
    return [v / size for v in V]


def watch_wobbles(seeds, rates, before, steps):
    """Mean squared wobble, and 2α/β, over the last steps of each run: (2, runs)."""
    X, Y = hundred[:50], targets[:50]
    P, _, _ = descend(small_networks(seeds, 0.5), rates, before, X=X, Y=Y)
    V = unit([torch.randn(p.shape, generator=torch.manual_seed(0)) for p in P])
    for _ in range(30):
        V = unit(towards_sharpness(P, V, X, Y)[2])
    eta, wobbles, alphas, betas = rates[:, None, None], [], [], []
    for t in range(steps):
        grad_R, _, HV = towards_sharpness(P, V, X, Y)
        V = unit(HV)
        wobbles.append((rates * inner(V, grad_R) / 2) ** 2)
        if t % 10 == 0:  # setting
            middle = [p - eta / 2 * d for p, d in zip(P, grad_R)]
            flat = [
                [d - v * inner(V, D)[:, None, None] for v, d in zip(V, D)]
                for D in towards_sharpness(middle, V, X, Y)[:2]
            ]
            alphas.append(-inner(*flat))
            betas.append(inner(flat[1], flat[1]))
        P = [p - eta * d for p, d in zip(P, grad_R)]
    x2, alpha, beta = (torch.stack(v).mean(0).numpy() for v in (wobbles, alphas, betas))
    return np.array([x2, 2 * alpha / beta])


wobble_rates = np.array([0.5, 0.75, 1.0])
wobble_seen, wobble_told = watch_wobbles(
    list(range(7)) * 3,
    torch.tensor(wobble_rates).float().repeat_interleave(7),
    300,
    300,
).reshape(2, 3, 7)  # (rate, start)
wobble_ratio = wobble_seen / wobble_told
wobble_together = [np.corrcoef(*v)[0, 1] for v in zip(wobble_seen, wobble_told)]
print(
    "seven starts each: mean x², measured   2α/β    ratio, ± standard error   correlation"
)
for eta, seen, told, ratio, r in zip(
    wobble_rates, wobble_seen, wobble_told, wobble_ratio, wobble_together
):
    print(
        f"η = {eta:4.2f}                 {1e4 * seen.mean():.2f}e-4      {1e4 * told.mean():.2f}e-4"
        f"    {ratio.mean():.2f} ± {ratio.std(ddof=1) / 7**0.5:.2f}                 {r:.2f}"
    )
others_mean = (wobble_seen.sum(1, keepdims=True) - wobble_seen) / 6
wobble_errors = [
    ((guess - 1) ** 2).mean() ** 0.5
    for guess in (wobble_ratio, wobble_seen / others_mean)
]
print(
    "relative error, root mean square: theory {:.2f}, mean of the other starts {:.2f}".format(
        *wobble_errors
    )
)

# %% [markdown]
r"""
The weights jump to and fro by two to three hundredths ($2|x|$) at every step. No number of the table was fitted. With twice the rate $x^2$ is twice as large, and the theory says so; over the 21 runs the ratio is right within its error. It also tells the starts apart: it misses a single run by 18 per cent, the mean of the other starts by 45.

**Take the cause away.** If the wobble holds the sharpness, then without it the sharpness must rise, with the *same* rate and data, from the same weights. After 150 steps at $\eta=0.55$ we remove from every gradient its part along the three sharpest directions, and go on. The control removes three *random* directions. Beside them a descent with half the rate.
"""


# %% tags=["set-up"]
def copies(P, k):
    return [p.repeat_interleave(k, 0) for p in P]


def orthonormal(V, k):
    """Make each network's k directions orthonormal, all layers taken together."""
    flat = torch.cat([v.flatten(1) for v in V], 1).view(
        -1, k, sum(a * b for a, b in SHAPES)
    )
    Q = torch.linalg.qr(flat.mT)[0].mT.reshape(-1, flat.shape[2])
    parts = Q.split([a * b for a, b in SHAPES], 1)
    return [part.reshape(-1, *shape) for part, shape in zip(parts, SHAPES)]


def without(P, V, eta, steps, follow, k=3):
    """Descent without the gradient's part along k directions, and ηS now and then.

    The directions follow the sharpest ones, or stay as they are.
    """
    P, tops, W = [p.clone() for p in P], [], None
    for t in range(steps + 1):
        if follow:
            wide = [p.requires_grad_() for p in copies(P, k)]
            grads = torch.autograd.grad(
                half_errors(wide, hundred, targets).sum(), wide, create_graph=True
            )
            HV = torch.autograd.grad(grads, wide, V)
            G = [d.detach()[::k] for d in grads]
            V = orthonormal([h.detach() for h in HV], k)
        else:
            leaves = [p.requires_grad_() for p in P]
            G = torch.autograd.grad(half_errors(leaves, hundred, targets).sum(), leaves)
        if t % 15 == 0:
            start = [torch.ones_like(p) for p in P] if W is None else W
            top, W = sharpen(
                [p.detach().requires_grad_() for p in P],
                start,
                5 if t else 30,
                hundred,
                targets,
            )
            tops.append(eta * top)
        along = sum((v * d).sum((1, 2)) for v, d in zip(V, copies(G, k)))[:, None, None]
        P = [
            p.detach() - eta * (d - (along * v).view(len(p), k, *p.shape[1:]).sum(1))
            for p, d, v in zip(P, G, V)
        ]
    return np.array(tops)


branch, _, _ = descend(small_networks(range(3), 0.5), torch.full((3,), 0.55), 150)
g = torch.Generator().manual_seed(1)
lots = orthonormal([torch.randn(9, *s, generator=g) for s in SHAPES], 3)
sharp_ones = lots
for _ in range(30):
    leaves = [p.requires_grad_() for p in copies(branch, 3)]
    grads = torch.autograd.grad(
        half_errors(leaves, hundred, targets).sum(), leaves, create_graph=True
    )
    HV = torch.autograd.grad(grads, leaves, sharp_ones)
    sharp_ones = orthonormal([h.detach() for h in HV], 3)
branch = [p.detach() for p in branch]
branch_runs = {
    "as it was": descend(branch, torch.full((3,), 0.55), 300, 15)[2] * 0.55,
    "three random directions removed": without(branch, lots, 0.55, 300, False),
    "three sharpest removed": without(branch, sharp_ones, 0.55, 300, True),
    "half the rate, 600 steps": descend(branch, torch.full((3,), 0.275), 600, 30)[2]
    * 0.55,
}
for name, runs in branch_runs.items():
    print(f"{name:33} 0.55·S in the end  " + "  ".join(f"{s:.2f}" for s in runs[-1]))

# %% tags=["picture"] mystnb={"image": {"alt": "Sharpness times 0.55 over three hundred steps from one point: it stays at two for the plain run and for the run without three random directions; it rises at once when the three sharpest directions are removed, along the same curve as the descent with half the rate."}}
fig, ax = plt.subplots(figsize=(6.8, 2.9))
for (name, runs), colour, style in zip(
    branch_runs.items(),
    (plot.BLUE, plot.SKY, plot.RED, plot.GREY),
    ("-", ":", "-", "--"),
):
    ax.plot(150 + 15 * np.arange(21), runs, style, color=colour, lw=1.3)
    ax.plot([], [], style, color=colour, label=name)
ax.axhline(2, color="black", lw=0.7)
ax.set(xlabel="steps (half the rate: two for one)", ylabel=r"$0.55\cdot S$")
ax.legend(fontsize=8.5)
plt.show()

# %% [markdown]
r"""
The random directions change nothing. Without its wobble the network sharpens at once, in two of three starts along the curve of half the rate. In the third it climbs further still; why, we do not know.
"""

# %% tags=["checks"]
verify(
    "the two rules alone: mean x² over 2α/β", x2_mean / (2 * 0.05 / 400), 1.0, rtol=0.02
)
verify_within_se("measured over predicted x², 21 runs", wobble_ratio.ravel(), 1.0)
verify_at_least(
    "x² at the rate 1 over x² at 0.5: measured, predicted",
    [v[2].mean() / v[0].mean() for v in (wobble_seen, wobble_told)],
    1.4,
)
verify_at_most(
    "error of the prediction over that of the mean of the other starts",
    wobble_errors[0] / wobble_errors[1],
    0.75,
)

last = {name: runs[-1] for name, runs in branch_runs.items()}
names_of_runs = list(last)
verify(
    "random directions removed: the end is that of the plain run, each start",
    last[names_of_runs[1]],
    last[names_of_runs[0]],
    atol=0.1,
)
verify_at_least(
    "sharpest removed: ends above the line, at least as high as under half the rate",
    np.r_[
        last[names_of_runs[2]] - 2.2, last[names_of_runs[2]] - last[names_of_runs[3]]
    ],
    0.0,
    atol=0.05,
)
leaves = [p.double() for p in small_networks([0], 0.5)]
way_v = unit(
    [torch.randn(p.shape, generator=torch.manual_seed(1)).double() for p in leaves]
)
_, third, _ = towards_sharpness(leaves, way_v, hundred.double(), targets)


def slope_moved(h):
    moved = [p + h * v for p, v in zip(leaves, way_v)]
    return towards_sharpness(moved, way_v, hundred.double(), targets)[0]


plus, minus, here = slope_moved(1e-3), slope_moved(-1e-3), slope_moved(0.0)
bends = [(a + b - 2 * c) / 1e-6 for a, b, c in zip(plus, minus, here)]
verify(
    "the gradient's second derivative along v is the gradient of vᵀHv, by differences",
    torch.cat([b.flatten() for b in bends]),
    torch.cat([d.flatten() for d in third]),
    atol=1e-4,
)

# %% [markdown]
r"""
**Try it.** A network sharpens four times as fast ($\alpha$), and you halve the learning rate. By what factor do its jumps $|x|$ grow?
"""

# %% tags=["yours"]
resting_wobble = ...  # a factor

exercise("resting-wobble").check(resting_wobble)

# %% [markdown]
r"""
<details><summary>Solution</summary>

From [the balance](#eq-td-rest) $|x|=\sqrt{2\alpha/\beta}$: four times the $\alpha$ makes it twice as long, and $\eta$ is not in the formula. (The smaller rate moves the line, not the jumps.)

```python
resting_wobble = 2.0
```

</details>
"""

# %% [markdown]
r"""
(first-steps)=
## What do the first hundred steps decide?

Many large models are trained with a learning rate that first *rises*. If the curvature comes to the rate, the reason is near: it needs time to come.

(learning-rate-warmup)=
A start can be sharp: with weights three times as large as in the opening a step of $0.2$ overshoots (the table shows $S_0$), and only a catapult can save it. A *warm-up*, $\eta_t=\eta\cdot\min(1,t/T)$, comes with a falling line $2/\eta_t$ that presses the sharpness down in front of it, by small wobbles in place of one large jump {cite:p}`gilmer2022,kalra2024`. If that is the mechanism, then it predicts two things. From a sharp start the warm-up *allows larger rates*. From a flat start, where the sharpness has to climb to the line anyway, it buys *nothing*.

Ten rates, three starts, 160 steps for everybody, with a ramp over the first 60 and without; a run survives if its loss in the end is less than at the start. With the ramp to 1.6, does the sharpness follow the line?
"""

# %% tags=["set-up"]
warm_rates = 0.2 * 2 ** (np.arange(10) / 2)
WARM = {"sharp start": 1.5, "flat start": 0.25}  # scale of the weights


def survivors(scale, ramp):
    """Loss at the end by start and rate, infinite where it blew up: (3, 10)."""
    P = [p.repeat(10, 1, 1) for p in small_networks(range(3), scale)]
    eta = torch.tensor(warm_rates).float().repeat_interleave(3)
    fifty = dict(X=hundred[:50], Y=targets[:50])
    _, losses, _ = descend(P, eta, 160, ramp=ramp, **fifty)
    return np.where(losses[-1] < losses[0], losses[-1], np.inf).reshape(10, 3).T


warm_ends = {
    (name, ramp): survivors(scale, ramp)
    for name, scale in WARM.items()
    for ramp in (1.0, 60.0)
}
largest_rate = {
    key: [warm_rates[np.isfinite(row)].max() for row in ends]
    for key, ends in warm_ends.items()
}
fifty = dict(X=hundred[:50], Y=targets[:50])
start_sharpness = {
    name: descend(small_networks(range(3), scale), torch.zeros(3), 20, 10, **fifty)[2][
        -1
    ]
    for name, scale in WARM.items()
}
for name, tops in start_sharpness.items():
    print(f"{name}: S₀ " + "  ".join(f"{top:.1f}" for top in tops))
_, _, ramp_tops = descend(
    small_networks(range(3), 1.5), torch.full((3,), 1.6), 160, 20, ramp=60.0, **fifty
)
ramp_line = 2 / (1.6 * np.minimum(1, (20 * np.arange(9) + 1) / 60))
print("sharp start, ramp to 1.6: step" + "".join(f"{20 * i:6}" for i in range(9)))
print("2/η there                     " + "".join(f"{v:6.2f}" for v in ramp_line))
print(
    "S, mean of three starts       " + "".join(f"{v:6.2f}" for v in ramp_tops.mean(1))
)
print(
    "                             largest rate that survives   best loss over all rates"
)
for (name, ramp), ends in warm_ends.items():
    print(
        f"{name}, {'warm-up   ' if ramp > 1 else 'no warm-up'}      "
        + "  ".join(f"{eta:5.2f}" for eta in largest_rate[name, ramp])
        + "          "
        + "  ".join(f"{row.min():.4f}" for row in ends)
    )

# %% tags=["picture"] mystnb={"image": {"alt": "Loss after 160 steps against the learning rate, with and without warm-up. From the sharp start the curve without warm-up ends at 0.4 and the one with it at 1.6; from the flat start both end at 2.3 and the one with warm-up lies above."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.8), sharey=True)
for ax, name in zip(axes, WARM):
    for ramp, colour, words in (
        (1.0, plot.BLUE, "no warm-up"),
        (60.0, plot.RED, "warm-up"),
    ):
        ends = warm_ends[name, ramp].copy()
        ends[np.isinf(ends)] = np.nan
        ax.loglog(warm_rates, ends.T, ".-", color=colour, lw=0.9)
        ax.plot([], [], color=colour, label=words)
    ax.set(xlabel=r"$\eta$", title=name)
    ax.set_xticks([0.2, 0.4, 0.8, 1.6], ["0.2", "0.4", "0.8", "1.6"])
    ax.set_yticks([0.005, 0.01, 0.02, 0.05], ["0.005", "0.01", "0.02", "0.05"])
    ax.minorticks_off()
axes[0].set_ylabel("loss at the end")
axes[0].legend()
plt.show()

# %% [markdown]
r"""
Both came true: a rate four times as large from the sharp start, the same from the flat one. The watched runs slide down with the line: while it falls their $S$ lies up to a half *above* it, as it must if overshooting is what presses, and after the ramp within a tenth. But the best loss over all rates is smaller in two of three sharp starts only, and from the flat start the ramp just costs steps. (With [Adam](#adam) there are more reasons for one.)
"""

# %% tags=["checks"]
gains = {
    name: np.divide(largest_rate[name, 60.0], largest_rate[name, 1.0]) for name in WARM
}
verify_at_least(
    "sharp start: the warm-up allows so many times the rate", gains["sharp start"], 2.0
)
verify("flat start: it allows the same rate", gains["flat start"], np.ones(3))
verify_at_most(
    "the watched ramp: S over 2/η after the ramp, six times, three starts",
    ramp_tops[3:] / ramp_line[3:, None],
    2.0,
)
gap = np.nanmin(warm_ends["flat start", 60.0], 1) / warm_ends["flat start", 1.0].min(1)
verify_at_least("flat start: best loss with warm-up over best without", gap, 1.0)

# %% [markdown]
r"""
**Try it.** How far beyond $\eta S=2$ may the *first* step lie from the sharp start, without warm-up? Give the largest $\eta S_0$ among the surviving runs of the first start (`start_sharpness`, `largest_rate`).
"""

# %% tags=["yours"]
first_overshoot = ...  # eta times S at step 0

exercise("first-overshoot").check(first_overshoot)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The largest surviving rate is 0.4, so $\eta S_0\approx10.8$: far beyond 2. A network is no parabola, and the catapult reaches further than in the [smallest network](#catapult).

```python
first_overshoot = start_sharpness["sharp start"][0] * largest_rate["sharp start", 1.0][0]
```

</details>
"""

# %% [markdown]
r"""
(how-far-units-move)=
## How far does a unit move?

A lab tunes the learning rate of a small model and then trains a large one, once. Does the rate survive? It depends on how far one step moves what a unit computes: in [lazy networks](#lazy-training) next to nothing.

(rich-and-kernel-regimes)=
**One parameter between lazy and rich.** Take $f(x)=\langle\beta,x\rangle$ with $\beta=u\odot u-v\odot v$, all weights $u=v=\alpha$ at the start, so $\beta=0$. Twenty equations, sixty unknowns: which of the many solutions does gradient flow find? With the residual $\rho=X\beta-y$ and $g=X^\top\rho$ the flow is $\dot u=-2u\odot g$, $\dot v=2v\odot g$. Each is solved by an exponential of what has been collected, $s=-\int g\,dt$:

$$
u=\alpha e^{2s},\quad v=\alpha e^{-2s},\qquad\beta=\alpha^2(e^{4s}-e^{-4s})=2\alpha^2\sinh(4s).
$$ (eq-td-sinh)

And $s$ is a combination of rows of $X$. So in the end $\operatorname{arcsinh}(\beta/2\alpha^2)$ lies in the row space, which is the condition for a minimum, among all solutions of $X\beta=y$, of the function $Q_\alpha$ whose derivative is $\operatorname{arcsinh}(\beta_i/2\alpha^2)$ in each coordinate {cite:p}`woodworth2020`. For large $\alpha$ the arcsinh is linear, $Q_\alpha$ is a parabola, and one gets the *shortest* solution: the lazy one, that of a kernel. For small $\alpha$ it is a logarithm, nearly the same for all sizes, $Q_\alpha\approx\|\beta\|_1\cdot\ln(1/\alpha^2)$: the *sparse* solution.
"""


# %%
def grow(X, y, alpha, eta, steps):
    u, v = np.full((2, X.shape[1]), alpha)
    for _ in range(steps):
        g = X.T @ (X @ (u * u - v * v) - y) / len(y)
        u, v = u * np.exp(-2 * eta * g), v * np.exp(2 * eta * g)  # the flow's s
    return u * u - v * v


# %% tags=["set-up"]
rng = np.random.default_rng(0)
sparse_X = rng.normal(size=(20, 60))
sparse_truth = np.zeros(60)
sparse_truth[:3] = [2.0, -1.5, 1.0]
sparse_y = sparse_X @ sparse_truth
alphas = [0.003, 0.03, 0.3, 3.0]
rates_of = [0.15, 0.1, 0.05, 0.002]
grown = [grow(sparse_X, sparse_y, a, eta, 4000) for a, eta in zip(alphas, rates_of)]
shortest = np.linalg.pinv(sparse_X) @ sparse_y
program = optimize.linprog(np.ones(120), A_eq=np.c_[sparse_X, -sparse_X], b_eq=sparse_y)
sparsest = program.x[:60] - program.x[60:]
print("start α      sum of |β|   length   distance from the truth   error on the data")
for name, beta in (
    *((f"{a:<11}", b) for a, b in zip(alphas, grown)),
    ("least ℓ₁   ", sparsest),
    ("shortest   ", shortest),
):
    print(
        f"{name}   {abs(beta).sum():8.3f}   {np.linalg.norm(beta):6.3f}"
        f"   {np.linalg.norm(beta - sparse_truth):15.3f}"
        f"          {abs(sparse_X @ beta - sparse_y).max():12.1e}"
    )

# %% [markdown]
r"""
All four fit the twenty equations (the smallest start only to the third digit: small weights take long to grow). This start finds the three nonzero coefficients to a few hundredths; the largest start ends at the pseudoinverse. That is *implicit bias*: not the loss but the way of walking chooses. (`grow` takes the flow's exponentials; plain descent at the same rates leaves up to five per cent of the arcsinh outside the row space.)
"""


# %% tags=["checks"]
def off_rows(beta, alpha):
    z = np.arcsinh(beta / (2 * alpha**2))
    inside = np.linalg.pinv(sparse_X) @ (sparse_X @ z)
    return np.linalg.norm(z - inside) / np.linalg.norm(z)


plain = []
for alpha, eta in zip(alphas, rates_of):
    u, v = np.full((2, 60), alpha)
    for _ in range(4000):
        g = sparse_X.T @ (sparse_X @ (u * u - v * v) - sparse_y) / 20
        u, v = u - 2 * eta * g * u, v + 2 * eta * g * v
    plain.append(u * u - v * v)
verify(
    "plain descent: share of arcsinh(β/2α²) outside the row space, four starts",
    [off_rows(*pair) for pair in zip(plain, alphas)],
    np.zeros(4),
    atol=0.06,
)
verify(
    "`grow`, by construction: nothing outside",
    [off_rows(*pair) for pair in zip(grown, alphas)],
    np.zeros(4),
    atol=1e-9,
)
verify(
    "smallest start: the ℓ₁ solution of linear programming",
    grown[0],
    sparsest,
    atol=0.05,
)
verify("largest start: the pseudoinverse", grown[3], shortest, atol=0.03)

# %% [markdown]
r"""
(maximal-update-parametrization)=
**How far one step goes.** Now a real layer, $z_i=\sum_jW_{ij}h_j$ with $m$ inputs of size about 1, trained by [Adam](#adam). At the start $W_{ij}$ is random of size $m^{-1/2}$: a sum of $m$ terms of *random sign*, so $z$ is of size $\sqrt m\cdot m^{-1/2}=1$, at every width. Adam's first step moves every weight by $\eta$, against the sign of its gradient $\delta_ih_j$. Hence

$$
\Delta z_i=-\eta\,\operatorname{sign}(\delta_i)\sum_j|h_j| .
$$ (eq-td-aligned)

These terms have *one sign*:
"""

# %%
one_sign = []
for m in (16, 64, 256, 1024):  # setting
    h = torch.randn(m, generator=torch.manual_seed(m))
    W = (torch.randn(m, m) / m**0.5).requires_grad_()
    z = (W @ h).detach()
    adam = torch.optim.Adam([W], lr=0.01)  # setting
    (W @ h).square().sum().backward()
    adam.step()
    delta_z = (W @ h).detach() - z
    one_sign.append(delta_z.abs() / (0.01 * h.abs().sum()))
    print(
        f"m {m:5}  z {z.std():.2f}  Δz {delta_z.abs().mean():.3f}  η·m {0.01 * m:.2f}"
    )

# %% [markdown]
r"""
The sum is of size $\eta m$, not $\eta\sqrt m$. With $m=4$ and $h=(1,-2,1,-1)$ a rate of $0.01$ moves $z$ by $0.05$; with four thousand such inputs by 50. So the rate must shrink like $1/m$: slower and features explode, faster and they stand still. The same count for every layer gives the *maximal-update parametrisation*, µP {cite:p}`yang2021,yang2021tuning`:

| weights | terms of the sum | start, size | Adam's rate |
|---|---|---|---|
| input, $d\to m$ | $d$, fixed | $d^{-1/2}$ | $\eta$ |
| hidden, $m\to m$ | $m$ | $m^{-1/2}$ | $\eta/m$ |
| output, $m\to$ classes | $m$ | $m^{-1}$ | $\eta/m$ |

The output's start is smaller than usual because after one step $h$ itself has moved *along* the output weights: again a sum of one sign, $m\cdot m^{-1/2}$ if they were of size $m^{-1/2}$. In practice one divides by $m/m_0$, with the width $m_0$ where one has tuned; in PyTorch, `Adam([{"params": [W], "lr": eta * r} for W, r in zip(weights, rates)])`.
"""


# %%
def parametrised(m, mup, base=16):  # base: the width where one has tuned
    ratio = m / base if mup else 1.0
    sizes = [64**-0.5, m**-0.5, m**-0.5 / math.sqrt(ratio)]
    rates = [1.0, 1 / ratio, 1 / ratio]  # times the learning rate
    return sizes, rates


# %% tags=["set-up"]
mup_widths, mup_rates = (16, 64, 256), 2.0 ** np.arange(-9.0, -3)
mup_train = 8 * F.normalize(torch.tensor(digits.X_train - centre).float())
mup_labels = torch.tensor(digits.y_train)


def by_rate(m, mup, seed, rates, steps=50, batch=32, watch=False):
    """Adam at all rates at once: loss over the last quarter, or how far features moved."""
    g, n = torch.Generator().manual_seed(seed), len(rates)
    sizes, relative = parametrised(m, mup)
    eta = torch.tensor(rates).float()[:, None, None]
    shapes = ((64, m), (m, m), (m, 10))
    P = [
        (size * torch.randn(*shape, generator=g)).repeat(n, 1, 1).requires_grad_()
        for size, shape in zip(sizes, shapes)
    ]
    M, S = [[torch.zeros_like(p) for p in P] for _ in range(2)]
    late = torch.zeros(n)
    hidden = lambda x: torch.relu(torch.relu(x @ P[0]) @ P[1])
    before = hidden(mup_train[:50].expand(n, -1, -1)).detach()
    for t in range(1, steps + 1):
        rows = torch.randint(len(mup_train), (batch,), generator=g)
        out = hidden(mup_train[rows].expand(n, -1, -1)) @ P[2]
        each = F.cross_entropy(
            out.flatten(0, 1), mup_labels[rows].repeat(n), reduction="none"
        )
        each = each.view(n, -1).mean(1)
        late += each.detach() * (t > 0.75 * steps)
        grads = torch.autograd.grad(each.sum(), P)
        with torch.no_grad():
            for p, d, m1, m2, r in zip(P, grads, M, S, relative):
                m1.mul_(0.9).add_(d, alpha=0.1)
                m2.mul_(0.99).addcmul_(d, d, value=0.01)
                p -= (
                    r * eta * (m1 / (1 - 0.9**t)) / ((m2 / (1 - 0.99**t)).sqrt() + 1e-8)
                )
    if watch:
        after = hidden(mup_train[:50].expand(n, -1, -1)).detach()
        return (after - before).square().mean((1, 2)).sqrt().numpy()
    return (late / (steps - int(0.75 * steps))).numpy()


moved = {
    mup: [
        np.mean([by_rate(m, mup, s, [2.0**-9], 5, watch=True)[0] for s in range(4)])
        for m in mup_widths
    ]
    for mup in (False, True)
}
print(
    "how far a feature moves in five steps, root mean square (same rate, four starts)"
)
print("width               " + "".join(f"{m:9}" for m in mup_widths))
for mup, row in moved.items():
    print(
        f"{'µP      ' if mup else 'standard'}            "
        + "".join(f"{v:9.4f}" for v in row)
    )

# %% [markdown]
r"""
With the standard start and one rate for all layers the features of the wide network move three times as far as those of the narrow one (not sixteen: the 32 examples of a batch do not agree on the signs); under µP they move as far at every width, to ten per cent. (Practice calls this table a *coordinate check*.)

(learning-rate-transfer)=
**The prediction.** If the movement of the features is what counts, then under µP the best rate should *stay put*, and in the standard parametrisation fall like $1/m$ or so. A network with two hidden layers learns digits; fifty steps of Adam, six rates, three starts; the score is the training loss over the last quarter.
"""

# %% tags=["set-up"]
mup_scores = {
    (mup, m): np.array([by_rate(m, mup, s, mup_rates) for s in range(3)])
    for mup, m in ((False, 16), (False, 64), (False, 256), (True, 64), (True, 256))
}
mup_scores[True, 16] = mup_scores[False, 16]  # the width where both are one


def vertex(scores):
    """log₂ of the best rate: a parabola through the best rate and its neighbours."""
    k = int(np.clip(scores.argmin(), 1, len(scores) - 2))
    a, b, _ = np.polyfit([-1, 0, 1], np.log(scores[k - 1 : k + 2]), 2)
    return np.log2(mup_rates[k]) - b / (2 * a)


best_rate = {
    key: np.array([vertex(row) for row in scores]) for key, scores in mup_scores.items()
}
print("log₂ of the best rate, three starts; loss there")
for (mup, m), each in sorted(best_rate.items()):
    print(
        f"{'µP      ' if mup else 'standard'} {m:4}     "
        + "  ".join(f"{v:6.2f}" for v in each)
        + f"      {mup_scores[mup, m].mean(0).min():.3f}"
    )

# %% tags=["picture"] mystnb={"image": {"alt": "Training loss against the learning rate for three widths. In the standard parametrisation the valley moves to the left by about three powers of two from width 16 to 256; under maximal update the three valleys lie over one another, the wider one lower."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.0), sharey=True)
for ax, mup in zip(axes, (False, True)):
    for m, colour in zip(mup_widths, (plot.SKY, plot.BLUE, plot.PURPLE)):
        scores = mup_scores[mup, m]
        ax.loglog(mup_rates, scores.mean(0), "o-", ms=4, color=colour, label=f"{m}")
        ax.fill_between(
            mup_rates, scores.min(0), scores.max(0), color=colour, alpha=0.2
        )
    ax.set(xlabel=r"$\eta$", title="maximal update" if mup else "standard")
    ax.set_xticks(mup_rates[::2], [f"1/{1 / eta:.0f}" for eta in mup_rates[::2]])
    ax.set_yticks([0.1, 0.3, 1.0], ["0.1", "0.3", "1"])
    ax.minorticks_off()
axes[0].set_ylabel("training loss")
axes[1].legend(title="width")
plt.show()

# %% [markdown]
r"""
Sixteen times as wide: in the standard parametrisation the best rate falls by a factor of eight, under µP by less than half a power of two on average. What µP does *not* do: tuned at its own width, the standard network of 256 reaches a lower loss in these fifty steps than the µP one.
"""

# %%
headline(
    "best learning rate at width 256 over the one at width 16 under µP",
    2.0 ** (best_rate[True, 256] - best_rate[True, 16]).mean(),
    1.0,
    rtol=0.4,
)

# %% tags=["checks"]
shift = {mup: best_rate[mup, 256] - best_rate[mup, 16] for mup in (False, True)}
verify_at_most(
    "standard: shift of the best rate, powers of two, each start", shift[False], -2.0
)
verify_at_least(
    "and it shifts further than under µP, paired by start",
    shift[True] - shift[False],
    1.5,
)
growth = {
    mup: np.polyfit(np.log(mup_widths), np.log(row), 1)[0] for mup, row in moved.items()
}
verify_at_least(
    "exponent of the width in the movement, standard (1 for a single example)",
    growth[False],
    0.3,
)
verify("and under µP none", growth[True], 0.0, atol=0.1)
(in_1, hid_1, out_1), rates_1 = parametrised(16, True)
(in_16, hid_16, out_16), rates_16 = parametrised(256, True)
verify(
    "sixteen times as wide, by the table: start of input, hidden, output weights, rates",
    [in_1 / in_16, hid_1 / hid_16, out_1 / out_16, *np.divide(rates_1, rates_16)],
    [1.0, 4.0, 16.0, 1.0, 16.0, 16.0],
)
tuned_sizes, tuned_rates = parametrised(16, True)
verify(
    "where one has tuned: each start 1/√(terms of the sum), each rate η",
    [*tuned_sizes, *tuned_rates],
    [64**-0.5, 16**-0.5, 16**-0.5, 1, 1, 1],
)
verify(
    "each row of a layer moves by η Σ|h|, at every width",
    torch.cat(one_sign),
    torch.ones(16 + 64 + 256 + 1024),
    rtol=1e-3,
)
unit_inputs = torch.randn(2000, 64, generator=torch.manual_seed(0))
first_sums = unit_inputs @ (in_1 * torch.randn(64, 500))
verify("and a sum of 64 inputs of size 1 has size 1", first_sums.std(), 1.0, atol=0.05)
h_by_hand = np.array([1.0, -2, 1, -1])
step_w = torch.zeros(4, requires_grad=True)
one_step = torch.optim.Adam([step_w], lr=0.01)
(step_w @ torch.tensor(h_by_hand).float()).backward()
one_step.step()
verify(
    "first step of torch.optim.Adam: the sum moves by η Σ|h|",
    -(step_w.detach().numpy() @ h_by_hand),
    0.01 * abs(h_by_hand).sum(),
    rtol=1e-5,
)

# %% [markdown]
r"""
**Try it.** At width 256 you have tuned Adam's rate to $0.003$ for all layers. Now the width becomes $m$, and the pictures have $d$ pixels of the same size in place of 64. Which rates for the three layers (input, hidden, output)?
"""

# %% tags=["yours"]
rates_at = ...  # a function of m and d that returns three rates

exercise("rates-at").check(rates_at)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The sum of an input unit has $d$ terms of one sign, those of hidden and output units have $m$. The table's first row says $\eta$ because there $d$ is fixed.

```python
rates_at = lambda m, d: (0.003 * 64 / d, 0.003 * 256 / m, 0.003 * 256 / m)
```

</details>
"""

# %% [markdown]
r"""
(late-understanding)=
## When does a network understand addition?

Training loss zero, test accuracy at chance: is it finished?

(grokking)=
Let a network learn $a+b$ modulo 23. It sees half of the $23^2=529$ questions and is asked the others. The input is two one-hot vectors, the network a layer of 128 units that are *squared*, and a linear layer,

$$
f(a,b)=V\,(A_a+B_b)^2 ,
$$ (eq-td-square)

where $A_a$ and $B_b$ are rows of two $23\times128$ matrices. Full batch, squared error, [AdamW](#adam) with a strong weight decay {cite:p}`power2022,gromov2023`. Two controls: the same without the decay, and the same with the answers dealt out at random.
"""

# %% tags=["set-up"]
p = 23
ask_a, ask_b = (torch.tensor(v) for v in np.divmod(np.arange(p * p), p))
answers = (ask_a + ask_b) % p
a, b = ask_a.numpy(), ask_b.numpy()
questions = torch.cat([F.one_hot(ask_a, p), F.one_hot(ask_b, p)], 1).float()
GROK = ["start 0", "start 1", "start 2", "no weight decay", "dealt answers"]
SAVE = 20  # setting


def learn_addition(steps=900, units=128, lr=0.01):
    """Five networks at once. Weights every SAVE steps, the rows trained on, and answers."""
    makers = [torch.Generator().manual_seed(s) for s in (0, 1, 2, 0, 0)]
    order = torch.stack([torch.randperm(p * p, generator=g) for g in makers])
    half = order[:, : p * p // 2]
    truth = answers.repeat(5, 1)
    truth[4] = answers[
        torch.randperm(p * p, generator=torch.Generator().manual_seed(7))
    ]
    U, V = (
        torch.stack([0.1 * torch.randn(*s, generator=g) for g in makers])
        for s in ((2 * p, units), (units, p))
    )
    decay = 1 - lr * torch.tensor([1.0, 1.0, 1.0, 0.0, 1.0])[:, None, None]
    X, Y = questions[half], F.one_hot(truth.gather(1, half), p).float()
    P, M, S = [U, V], [0, 0], [0, 0]
    saved = []
    for t in range(steps + 1):
        if t % SAVE == 0:
            saved.append([w.clone() for w in P])
        H = X @ P[0]
        E = (H**2 @ P[1] - Y) * 2 / half.shape[1]
        G = [X.mT @ (2 * H * (E @ P[1].mT)), (H**2).mT @ E]
        for i, g in enumerate(G):
            M[i] = 0.9 * M[i] + 0.1 * g
            S[i] = 0.98 * S[i] + 0.02 * g * g
            m, s = M[i] / (1 - 0.9 ** (t + 1)), S[i] / (1 - 0.98 ** (t + 1))
            P[i] = decay * P[i] - lr * m / (s.sqrt() + 1e-8)
    return saved, half, truth


grok_saved, grok_half, grok_truth = learn_addition()
grok_seen = torch.zeros(5, p * p, dtype=bool).scatter(1, grok_half, True)
grok_right = torch.stack(
    [((questions @ U) ** 2 @ V).argmax(2) == grok_truth for U, V in grok_saved]
)  # (time, network, question)
seen_right = ((grok_right & grok_seen).sum(2) / grok_seen.sum(1)).numpy()
new_right = ((grok_right & ~grok_seen).sum(2) / (~grok_seen).sum(1)).numpy()


def first_above(curve, share):
    """Step at which a curve first exceeds the share; −1 if it never does."""
    return SAVE * int(np.argmax(curve > share)) if (curve > share).any() else -1


print("                   step when 99 % right          right in the end")
print("                   questions seen   new ones     seen     new")
for i, name in enumerate(GROK):
    when = [first_above(c[:, i], 0.99) for c in (seen_right, new_right)]
    when = ["never" if w < 0 else str(w) for w in when]
    print(
        f"{name:18} {when[0]:>9}   {when[1]:>12}"
        f"   {seen_right[-1, i]:10.2f}    {new_right[-1, i]:.2f}"
    )

print("\nsum of the squared weights   step 100    step 900")
weight_sums = torch.stack(
    [sum((w**2).sum((1, 2)) for w in grok_saved[t // SAVE]) for t in (100, 900)]
)  # (2, networks)
for name, early, late in zip(GROK, *weight_sums.tolist()):
    print(f"{name:18}{early:19.0f}{late:12.0f}")

# %% tags=["picture"] mystnb={"image": {"alt": "Accuracy against the step. On the questions seen it is one after twenty steps. On new questions it stays near zero, then rises to one between steps two hundred and six hundred, for three starts; without decay and with dealt answers it stays at the floor."}}
grok_steps = SAVE * np.arange(len(grok_saved))
fig, ax = plt.subplots(figsize=(6.8, 3.0))
ax.plot(grok_steps, seen_right[:, :3], color=plot.GREY, lw=1)
ax.plot(grok_steps, new_right[:, :3], color=plot.RED)
ax.plot(grok_steps, new_right[:, 3], color=plot.BLUE, ls="--")
ax.plot(grok_steps, new_right[:, 4], color=plot.GREEN, ls=":")
for colour, style, words in (
    (plot.GREY, "-", "questions seen"),
    (plot.RED, "-", "new questions"),
    (plot.BLUE, "--", "new, no weight decay"),
    (plot.GREEN, ":", "new, dealt answers"),
):
    ax.plot([], [], style, color=colour, label=words)
ax.set(xlabel="steps", ylabel="right")
ax.legend(loc="center right")
plt.show()

# %% [markdown]
r"""
*Grokking*: by step 20 every seen question is answered, and of the new ones not even the share that guessing would get, $\frac1{23}$. Then, for hundreds of steps, something grows that answers them all. Without the decay nothing of the kind happens in this time, nor with dealt answers (each control from one start). (Below chance, since a new question $(a,b)$ shares $a$ only with questions whose answers are *different* from its own.)

**Why the decay?** {cite:t}`nanda2023` answer: a rule needs less weight than a list, so under decay the rule wins. Under the same decay a list does end heavier: with dealt answers the squared weights add up to about 490, with the rule to 440. But that is not what pulls the network from the one to the other. At step 100, when it has the whole list and answers hardly a new question, they add up to about 365 (without decay they end at 420). On the way to the rule the sum *grows*.

(read-the-weights)=
## Can one read the algorithm?

What grows? The task is so clean that we can *derive* a solution, and see whether training found it.

(modular-addition-circuit)=
**A network written by hand.** Give a unit waves as weights: $A_a=\cos(\omega a+\phi_a)$ and $B_b=\cos(\omega b+\phi_b)$ with $\omega=2\pi k/23$. Its square contains the product

$$
2\cos(\omega a+\phi_a)\cos(\omega b+\phi_b)=\cos\bigl(\omega(a+b)+\phi_a+\phi_b\bigr)+\cos\bigl(\omega(a-b)+\phi_a-\phi_b\bigr).
$$ (eq-td-product)

There is the sum $a+b$, modulo 23. Read it out with $V_c=\cos(\omega c+\phi_c)$. If

$$
\phi_c=\phi_a+\phi_b,
$$ (eq-td-phases)

the unit contributes $\frac12\cos(\omega(a+b-c))$ to the answer $c$, whatever its phases. All else that the square and the product with $V$ make comes with a phase left over: $\phi_a\pm\phi_b$, $3\phi_a+\phi_b$, $\phi_a+3\phi_b$, $2\phi_a$, $2\phi_b$ or $2(\phi_a+\phi_b)$. Units of one frequency whose left-over phases are spread evenly over the circle cancel these. Seven are enough: $\phi_a=j\cdot\frac{2\pi}7$ and $\phi_b=3\phi_a$, $j=0,\dots,6$, for then these are the multiples $4,-2,6,10,2,6,8$ of $\phi_a$, none of them divisible by 7. Now add up the frequencies. $\sum_{k=1}^{11}\cos(2\pi k(a+b-c)/23)$ is 11 where $c=a+b$ and $-\frac12$ elsewhere. That is addition, with 77 units.
"""


# %%
def by_hand_adder(p, units=7):
    k, j = np.meshgrid(np.arange(1, (p + 1) // 2), np.arange(units))
    phase = 2 * np.pi * j.ravel() / units
    at = 2 * np.pi * k.ravel() * np.arange(p)[:, None] / p  # (p, units)
    return np.cos(at + phase), np.cos(at + 3 * phase), np.cos(at + 4 * phase)


def outputs(A, B, C):  # all p² questions
    first, second = np.divmod(np.arange(len(A) ** 2), len(A))
    return (A[first] + B[second]) ** 2 @ C.T  # (p², p)


# %% tags=["checks"]
by_hand = outputs(*by_hand_adder(23))
right_one = np.arange(p) == ((a + b) % p)[:, None]
verify(
    "the 77 units: 7/2 · 11 at the sum and −7/2 · 1/2 elsewhere, all 529 questions",
    by_hand,
    np.where(right_one, 7 / 2 * 11, -7 / 4),
    atol=1e-9,
)
one_phase = outputs(*(W[:, :11] for W in by_hand_adder(23)))
verify_at_most(
    "with the first phase only in place of the seven: share of right answers",
    np.mean(one_phase.argmax(1) == (a + b) % p),
    0.5,
)

# %% [markdown]
r"""
**What did training find?** Transform the columns of $A$, $B$ and $V^\top$ by [Fourier](#fourier-transform). If a unit is a wave, its power sits at one frequency; if it is one of *our* units, it is the same frequency in all three, and the phases obey [the law](#eq-td-phases). The slider shows the power of each unit at the eleven frequencies, units sorted by the one they end with.
"""


# %%
def law_error(phase):  # φ_a + φ_b − φ_c, between −π and π
    phi_a, phi_b, phi_c = phase
    return np.angle(np.exp(1j * (phi_a + phi_b - phi_c)))


# %% tags=["set-up"]
def as_waves(A, B, C):
    """Share of the strongest frequency (3, units), that frequency, phases (3, units)."""
    spectra = [np.fft.fft(W - W.mean(0), axis=0)[1 : p // 2 + 1] for W in (A, B, C)]
    power = [abs(Z) ** 2 for Z in spectra]
    k = sum(e / e.sum(0) for e in power).argmax(0)
    units = np.arange(A.shape[1])
    share = np.array([e[k, units] / e.sum(0) for e in power])
    phase = np.array([np.angle(Z[k, units]) for Z in spectra])
    return share, k + 1, phase


def grok_weights(i, t=-1):
    U, V = (w[i].double().numpy() for w in grok_saved[t])
    return U[:p], U[p:], V.T  # each (p, units)


lawful = []
for i in range(3):
    share, k, phase = as_waves(*grok_weights(i))
    lawful.append(
        [np.median(share), np.sqrt(np.mean(law_error(phase) ** 2)), len(set(k))]
    )
share0, k0, phase0 = as_waves(*grok_weights(0, 0))
share4, k4, phase4 = as_waves(*grok_weights(4))
print("                  share at one    φ_a + φ_b − φ_c,     frequencies")
print("                  frequency       root mean square     in use")
for name, row in zip(GROK, lawful):
    print(
        f"{name}           {row[0]:.2f}            {row[1]:.2f}                 {row[2]}"
    )
for name, share, phase in (
    ("before training", share0, phase0),
    ("dealt answers", share4, phase4),
):
    print(
        f"{name:16}  {np.median(share):.2f}            {np.sqrt(np.mean(law_error(phase) ** 2)):.2f}"
    )


# %% tags=["picture"]
wave_order = np.argsort(as_waves(*grok_weights(0))[1])


def grow_waves(step):
    fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.7), sharey=True)
    for ax, W, name in zip(
        axes, grok_weights(0, step // SAVE), ("$A$", "$B$", "$V^T$")
    ):
        power = abs(np.fft.fft(W[:, wave_order], axis=0)[1 : p // 2 + 1]) ** 2
        ax.imshow(
            power / power.sum(0),
            cmap="Blues",
            vmin=0,
            vmax=1,
            aspect="auto",
            origin="lower",
            extent=(0, power.shape[1], 0.5, 11.5),
            interpolation="nearest",
        )
        ax.set(title=name, xlabel="unit", xticks=[], yticks=range(1, 12, 2))
        ax.grid(False)
    axes[0].set_ylabel("frequency")
    now = new_right[step // SAVE, 0]
    fig.suptitle(f"step {step}: {now:.0%} of the new questions")
    return fig


explore(
    grow_waves,
    alt="Power of every unit at the eleven frequencies, for the three weight matrices, units sorted by their later frequency: noise at the start; then a staircase of eleven steps appears, the same in all three matrices",
    step=[900, 0, 60, 160, 260, 360],
)

# %% [markdown]
r"""
The units became waves, each with one frequency in all three matrices; all eleven are in use; and the phases obey the law to 0.15 radian or better, where dealing them at random would give $\pi/\sqrt3\approx1.8$. Training has found the circuit, from half of the table.

(progress-measures)=
**Watch it before it shows.** Take the share of a unit's power at its best frequency (the median), and the cosine of the angle by which the phase law is missed (the mean over units). Do they move when the test accuracy does, or before? {cite:t}`nanda2023` call such quantities *progress measures*.
"""

# %% tags=["set-up"]
progress = np.array(
    [
        [
            (lambda w: (np.median(w[0]), np.cos(law_error(w[2])).mean()))(
                as_waves(*grok_weights(i, t))
            )
            for i in range(5)
        ]
        for t in range(len(grok_saved))
    ]
)  # (time, network, 2)
print("                       at step      20      100     320     600     900")
for words, curve in (
    ("right on new questions", new_right[:, 0]),
    ("cosine of phase error", progress[:, 0, 1]),
    ("share at one frequency", progress[:, 0, 0]),
    ("cosine, no decay", progress[:, 3, 1]),
    ("share, no decay", progress[:, 3, 0]),
):
    row = "".join(f"{curve[t // SAVE]:8.2f}" for t in (20, 100, 320, 600, 900))
    print(f"{words:26}{row}")

# %% tags=["picture"] mystnb={"image": {"alt": "For one start: the cosine of the phase error is near one from step twenty on, also in the network without decay; the share of power at one frequency rises slowly and steadily while the accuracy on new questions is still near zero, and stays low without decay."}}
fig, ax = plt.subplots(figsize=(6.8, 2.7))
ax.plot(grok_steps, new_right[:, 0], color=plot.RED, label="right on new questions")
ax.plot(
    grok_steps, progress[:, 0, 1], color=plot.BLUE, label="cosine of the phase error"
)
ax.plot(grok_steps, progress[:, 0, 0], color=plot.GREEN, label="share at one frequency")
ax.plot(grok_steps, progress[:, 3], color=plot.GREY, ls=":")
ax.plot([], [], color=plot.GREY, ls=":", label="both, no decay")
ax.set(xlabel="steps")
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
r"""
The share climbs evenly from the beginning, long before the new questions are answered. The phase law is a surprise. It holds almost at once, at step 20, with *no* new question right, and in the network that never groks! (With dealt answers the phases do not align.) What is missing without the decay is that a unit makes up its mind for *one* frequency.
"""

# %% tags=["checks"]
verify_at_least(
    "three starts with decay: squared weights, step 900 over step 100",
    weight_sums[1, :3] / weight_sums[0, :3],
    1.1,
)
verify_at_least(
    "… at step 900: with the rule over the undisturbed list; dealt answers over the rule",
    [
        (weight_sums[1, :3] / weight_sums[1, 3]).min(),
        (weight_sums[1, 4] / weight_sums[1, :3]).min(),
    ],
    1.0,
)
verify_at_most(
    "grokking, three starts: seen ones right before new ones, ratio of the steps",
    [
        first_above(seen_right[:, i], 0.99) / first_above(new_right[:, i], 0.99)
        for i in range(3)
    ],
    0.2,
)
verify_at_most(
    "no decay, dealt answers: right on new questions", new_right[-1, 3:], 0.1
)
verify_at_most(
    "the phase law is missed by so much, three starts, rms",
    np.array(lawful)[:, 1],
    0.25,
)
verify(
    "and before training as much as by chance: π/√3",
    np.sqrt(np.mean(law_error(phase0) ** 2)),
    math.pi / math.sqrt(3),
    atol=0.25,
)
verify_at_least(
    "but it holds at step 20 already, without any insight, also without decay: cosine",
    progress[1, :4, 1],
    0.8,
)
verify_at_least(
    "share at one frequency: with decay over without, in the end",
    progress[-1, :3, 0] / progress[-1, 3, 0],
    2.0,
)

# %% [markdown]
r"""
**Try it.** Change one number of the law and the adder becomes a *subtractor*, which answers $a-b$. What must $\phi_c$ be?
"""

# %% tags=["yours"]
subtract_phase = ...  # a function of phi_a and phi_b

exercise("subtract-phase").check(subtract_phase)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The [product](#eq-td-product) holds the difference as well, with phase $\phi_a-\phi_b$. Read that one out.

```python
subtract_phase = lambda phi_a, phi_b: phi_a - phi_b
```

</details>
"""

# %% [markdown]
r"""
(what-proves-it)=
## What proves an explanation?

Would three popular tools of *interpretability* have told us the algorithm?

(linear-probe)=
**A probe** is a linear readout trained on frozen activations: can one decode this quantity here {cite:p}`alain2017`? Take the 128 squared activations and decode the waves of $a+b$; as controls {cite:p}`hewitt2019`, the waves of $a-b$, which the task does not ask for, the same from the network before training, and the waves of a shuffled table. The probe is least squares with a small ridge, fitted to half of the questions, scored by $R^2$ on the others.
"""

# %% tags=["set-up"]
A, B, C = grok_weights(0)
turns = 2 * np.pi / p * np.arange(1, p // 2 + 1)


def waves_of(number):
    """Cosines and sines of all frequencies of a number mod p: (questions, p − 1)."""
    return np.hstack([np.cos(np.outer(number, turns)), np.sin(np.outer(number, turns))])


def probe(H, target, rng, ridge=1e-3):
    order = rng.permutation(len(H))
    fit, test = order[: len(H) // 2], order[len(H) // 2 :]
    centred, scale = H - H[fit].mean(0), H[fit].std()
    G = centred[fit] / scale
    W = np.linalg.solve(
        G.T @ G + ridge * len(fit) * np.eye(H.shape[1]), G.T @ target[fit]
    )
    left = target[test] - centred[test] / scale @ W
    return 1 - (left**2).sum() / ((target[test] - target[fit].mean(0)) ** 2).sum()


def hidden_of(weights):
    return (weights[0][a] + weights[1][b]) ** 2


rng = np.random.default_rng(1)
H_trained, H_start = hidden_of((A, B)), hidden_of(grok_weights(0, 0))
probed = {
    (name, words): [probe(H, waves_of(number), rng) for _ in range(6)]
    for name, H in (("trained", H_trained), ("before training", H_start))
    for words, number in (
        ("a + b", a + b),
        ("a − b", a - b),
        ("shuffled table", rng.permutation((a + b) % p)),
    )
}
print("R² of a linear probe on unseen questions (six splits: mean, spread)")
for (name, words), scores in probed.items():
    print(f"{name:16} {words:15} {np.mean(scores):6.2f} ± {np.std(scores):.2f}")

# %% [markdown]
r"""
The probe finds $a+b$ in the trained network and not before training (a negative $R^2$ is worse than the mean). But it finds most of $a-b$, too: [the product](#eq-td-product) makes both. A probe shows what *could be used*, not what is.

(ablation-study)=
**An ablation** removes something and looks at the damage. Remove one frequency from all three matrices. Then remove, from the activations, everything that is linear in the waves of $a-b$; or of $a+b$.
"""

# %% tags=["set-up"]


def without_frequencies(W, ks):
    Z = np.fft.fft(W, axis=0)
    for k in ks:
        Z[k] = Z[-k] = 0
    return np.fft.ifft(Z, axis=0).real


def accuracy(out, number=None):
    return np.mean(out.argmax(1) == ((a + b) if number is None else number) % p)


def without_waves(H, number):
    Z = waves_of(number)
    return H - Z @ np.linalg.lstsq(Z, H, rcond=None)[0]


one_gone = [
    accuracy(outputs(*(without_frequencies(W, [k]) for W in (A, B, C))))
    for k in range(1, 12)
]
rng = np.random.default_rng(2)
several_gone = [
    np.mean(
        [
            accuracy(outputs(*(without_frequencies(W, ks) for W in (A, B, C))))
            for ks in (rng.permutation(np.arange(1, 12))[:n] for _ in range(10))
        ]
    )
    for n in range(12)
]
print(
    f"one of eleven frequencies removed: right {min(one_gone):.2f} to {max(one_gone):.2f}"
)
print("several, ten draws   " + "".join(f"{n:6}" for n in range(0, 12, 2)))
print("right                " + "".join(f"{v:6.2f}" for v in several_gone[::2]))
for words, number in (("a − b", a - b), ("a + b", a + b)):
    right = (without_waves(H_trained, number) @ C.T).argmax(1) == (a + b) % p
    seen = grok_seen[0].numpy()
    print(
        f"activations without {words}: right {right.mean():.2f}, "
        f"seen {right[seen].mean():.2f}, new {right[~seen].mean():.2f}"
    )
peaks = outputs(A, B, C)[np.arange(p * p), (a + b) % p]
print(
    f"output for the right answer: seen {peaks[seen].mean():.2f}, new {peaks[~seen].mean():.2f}"
)

# %% [markdown]
r"""
Whoever removes frequencies one by one finds that *none* is needed. Ablation underrates what is shared.

Without $a-b$ nothing happens. Without $a+b$ we expected chance, and got one half: *exactly the questions of the training set*, all of them, and not one of the others. The network has kept its memory: the circuit gives the right answers about 0.7, a memory adds the missing 0.3 to those it was trained on, and when all that depends on $a+b$ alone is cut out, that remainder is left.

(causal-intervention)=
**An intervention** *steers*. Turn every frequency $k$ by $2\pi ks/23$: the answer to all 529 questions must become $a+b+s$. Read $s$ as a dial.
"""


# %%
def turn(W, s):
    k = np.fft.fftfreq(p, 1 / p)  # 0, 1, ..., −2, −1
    spin = np.exp(2j * np.pi * k * s / p)[:, None]
    return np.fft.ifft(np.fft.fft(W, axis=0) * spin, axis=0).real


# %% tags=["set-up"]
angles = np.array([0, 0.5, 1, 5, 11, 17.25])
dial = np.array([outputs(turn(A, s), B, C).argmax(1) - (a + b) for s in angles]) % p
print("dial s                               " + "".join(f"{s:7g}" for s in angles))
print(
    "answer minus a + b, the most frequent"
    + "".join(f"{np.bincount(row).argmax():7}" for row in dial)
)
print(
    "share of questions with that answer  "
    + "".join(f"{np.bincount(row).max() / p**2:7.2f}" for row in dial)
)

# %% [markdown]
r"""
Every whole number of the dial is obeyed, on all questions, and that is *worth nothing*. Turning all frequencies by a whole $s$ only moves the rows of $A$ by $s$ places, so the new network answers $(a,b)$ as the old one answered $(a+s,b)$. **Any** network that is right on all questions obeys the dial, a lookup table too. The experiment could not fail.

So turn *one* frequency, which no exchange of rows can do. Then ten waves vote for $a+b$ and one for $a+b+s$, and the theory says by how much each output changes: by a difference of two cosines. Now rivals can win: a network that reads $a-b$; and, as controls, the networks without decay and with dealt answers.
"""


# %% tags=["set-up"]
def turn_one(W, k, s):
    Z = np.fft.fft(W, axis=0)
    Z[k] *= np.exp(2j * np.pi * k * s / p)
    Z[-k] *= np.exp(-2j * np.pi * k * s / p)
    return np.fft.ifft(Z, axis=0).real


def change_fit(k, s, A, B, C):
    """Correlation of the change of all outputs with the theory's, and with the rival's."""
    change = outputs(turn_one(A, k, s), B, C) - outputs(A, B, C)
    told = []
    for number in (a + b, a - b):
        at = 2 * np.pi * k / p * (number[:, None] - np.arange(p))
        told.append(np.cos(at + 2 * np.pi * k * s / p) - np.cos(at))
    return [np.corrcoef(change.ravel(), t.ravel())[0, 1] for t in told]


one_turned = np.array([change_fit(k, 4.5, A, B, C) for k in range(1, 12)])
other_turned = [
    [change_fit(k, 4.5, *grok_weights(i))[0] for k in range(1, 12)]
    for i in (1, 2, 3, 4)
]
print(
    "one frequency turned, change of 529 × 23 outputs: correlation with the prediction"
)
print("from a + b  " + " ".join(f"{v:5.2f}" for v in one_turned[:, 0]))
print("from a − b  " + " ".join(f"{v:5.2f}" for v in one_turned[:, 1]))
for name, row in zip(GROK[1:], other_turned):
    print(f"{name:16} from a + b: mean {np.mean(row):5.2f}, worst {min(row):5.2f}")

# %% [markdown]
r"""
All three networks that grok pass. The one without decay follows the prediction to a third, the one with dealt answers not at all.
"""

# %% tags=["checks"]
verify(
    "a whole turn is a change of rows, so the dial had to be obeyed",
    [turn(A, s) for s in (1, 5, 11)],
    [np.roll(A, -s, 0) for s in (1, 5, 11)],
    atol=1e-9,
)
verify(
    "turning B back by as much: the answers of before",
    outputs(turn(A, 5), turn(B, -5), C).argmax(1),
    (a + b) % p,
)
verify_at_least(
    "one frequency turned, worst of three grokking networks over best of both controls",
    min(one_turned[:, 0].min(), *map(min, other_turned[:2]))
    - max(map(max, other_turned[2:])),
    0.3,
)
verify_at_least(
    "one frequency turned: correlation with the prediction from a + b, over its rival's",
    one_turned[:, 0] - abs(one_turned[:, 1]),
    0.5,
)
verify_at_least(
    "probe: R² for a + b and for a − b, trained network, worst of six splits",
    [min(probed["trained", w]) for w in ("a + b", "a − b")],
    [0.8, 0.5],
)
verify_at_most(
    "the same before training, and for a shuffled table",
    [
        max(probed[key])
        for key in probed
        if key[0] != "trained" or key[1] == "shuffled table"
    ],
    0.3,
)
verify_at_least("each frequency alone removed: right", one_gone, 0.98)
verify(
    "all removed: constant outputs, one question in 23",
    several_gone[11],
    1 / 23,
    atol=1e-9,
)
seen_0 = grok_seen[0].numpy()
verify(
    "activations without a − b: right",
    accuracy(without_waves(H_trained, a - b) @ C.T),
    1.0,
    atol=0.01,
)
left_over = (without_waves(H_trained, a + b) @ C.T).argmax(1) == (a + b) % p
verify(
    "without a + b: right on the seen, on the new questions",
    [left_over[seen_0].mean(), left_over[~seen_0].mean()],
    [1.0, 0.0],
    atol=0.02,
)
verify_at_most(
    "and the waves of a shuffled table take away no such thing: wrong answers",
    1 - accuracy(without_waves(H_trained, rng.permutation(a + b)) @ C.T),
    0.1,
)

# %% [markdown]
r"""
**Try it.** Turn $A$ by $s$, $B$ by $t$ and $V$ by $r$ (its column for answer $c$ becomes that for $c+r$). What does the network answer to $(a,b)$?
"""

# %% tags=["yours"]
turned_answer = ...  # a function of a, b, s, t, r

exercise("turned-answer").check(turned_answer)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The phases add in the product and are subtracted in the readout.

```python
turned_answer = lambda a, b, s, t, r: (a + b + s + t - r) % 23
```

</details>
"""

# %% [markdown]
r"""
(two-solutions)=
## How different are two solutions?

Two networks from two starts read nearly all digits, and their weights look nothing alike. Are these two valleys, or one?

(permutation-symmetry)=
**One network, many names.** Exchange two hidden units together with all their weights. The function is the same, the vector of weights is another. With $m$ units that makes $m!$ weight vectors for one function (with $\tanh$ also $2^m$ signs): for $m=3$ there are 6, for $m=64$ about $10^{89}$. So the distance between two weight vectors says little.

(linear-mode-connectivity)=
**The barrier.** Walk straight from $\theta_A$ to $\theta_B$ and take the largest excess of the loss over the line between the ends. Then choose the order of B's units that fits A's best: the permutation $\pi$ that maximises the sum of the inner products of matched units' weights, an *assignment problem* that is solved exactly in $O(m^3)$. {cite:t}`entezari2022` conjectured, and {cite:t}`ainsworth2023` showed for large networks, that most of the barrier then disappears. Four pairs of networks at three widths, one hidden layer. Controls: network A with itself in a random order, the same solution by construction; and B in the order that fits the two *starts*, found before any training. (Shuffling B is no control: its units have no order to lose.)
"""


# %%
def permuted(P, order):
    W, c, V, d = P  # (in, m), (1, m), (m, 10), (1, 10)
    return [W[:, order], c[:, order], V[order], d]


def matched(A, B):
    similarity = sum(
        a @ b.T for a, b in ((A[0].T, B[0].T), (A[1].T, B[1].T), (A[2], B[2]))
    )
    return optimize.linear_sum_assignment(-similarity.numpy())[1]


# %% tags=["set-up"]
ink = torch.tensor(digits.X_train - centre).float()
ink_new = torch.tensor(digits.X_test - centre).float()
ink_new_labels = torch.tensor(digits.y_test)


def start_units(m, n, g):
    """He's start for n networks 64-m-10: weights and biases."""
    return [
        torch.randn(n, 64, m, generator=g) * (2 / 64) ** 0.5,
        torch.zeros(n, 1, m),
        torch.randn(n, m, 10, generator=g) / m**0.5,
        torch.zeros(n, 1, 10),
    ]


def score(P, X):
    """Outputs (networks, examples, 10) of a stack of networks."""
    n = len(P[0])
    return torch.relu(X.expand(n, -1, -1) @ P[0] + P[1]) @ P[2] + P[3]


def adam_units(P, steps, g, masks=None, lr=0.01, rows=1400, batch=64):
    """Adam on the digits for a stack of networks; masks keep weights at zero."""
    P = [p.clone().requires_grad_() for p in P]
    optimizer = torch.optim.Adam(P, lr)
    masked = lambda: P if masks is None else [p * k for p, k in zip(P, masks)]
    for _ in range(steps):
        pick = torch.randint(rows, (batch,), generator=g)
        out = score(masked(), ink[pick])
        told = mup_labels[pick].repeat(len(out))
        loss = F.cross_entropy(out.flatten(0, 1), told, reduction="sum") / batch
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [p.detach() for p in masked()]


def along_line(A, B, points=11):
    """Training loss at points of the straight way."""
    s = torch.linspace(0, 1, points)[:, None, None]
    way = [(1 - s) * a + s * b for a, b in zip(A, B)]
    out = score(way, ink)
    told = mup_labels.repeat(points)
    return (
        F.cross_entropy(out.flatten(0, 1), told, reduction="none")
        .view(points, -1)
        .mean(1)
    )


def barrier(A, B):
    way = along_line(A, B).numpy()
    return (way - np.linspace(way[0], way[-1], len(way))).max()


line_widths, line_rows = (8, 32, 128), {}
for m in line_widths:
    g = torch.Generator().manual_seed(m)
    pair_starts = start_units(m, 8, g)
    pair_ends = adam_units(pair_starts, 250, g)
    for i in range(4):
        A_net, B_net = ([p[k] for p in pair_ends] for k in (i, i + 4))
        A_start, B_start = ([p[k] for p in pair_starts] for k in (i, i + 4))
        lot = torch.randperm(m, generator=g)
        line_rows.setdefault(m, []).append(
            [
                barrier(A_net, other)
                for other in (
                    B_net,
                    permuted(B_net, matched(A_net, B_net)),
                    permuted(B_net, matched(A_start, B_start)),
                    permuted(A_net, lot),
                )
            ]
        )
line_rows = {m: np.array(rows) for m, rows in line_rows.items()}
print("barrier (cross-entropy), mean of four pairs ± its standard error")
print("width        A to B         matched   matched by starts   A to A, shuffled")
for m, rows in line_rows.items():
    cells = [f"{v.mean():.3f} ± {v.std(ddof=1) / 2:.3f}" for v in rows.T]
    print(f"{m:5} " + "".join(f"{c:>16}" for c in cells))

# %% tags=["picture"] mystnb={"image": {"alt": "Training loss on the straight way from network A to network B, width 128, mean of four pairs: the plain way and the way from A to its own shuffled copy climb to a high hill, the way to the B matched by starts to a lower one; the way to the matched B is nearly flat."}}
hills = []
for i in range(4):
    one, two = ([p[k] for p in pair_ends] for k in (i, i + 4))
    by_starts = matched(*([p[k] for p in pair_starts] for k in (i, i + 4)))
    others = (
        two,
        permuted(one, lot),
        permuted(two, by_starts),
        permuted(two, matched(one, two)),
    )
    hills.append([along_line(one, other, 21).numpy() for other in others])
fig, ax = plt.subplots(figsize=(6.8, 2.7))
for hill, colour, words in zip(
    np.mean(hills, 0),
    (plot.BLUE, plot.GREY, plot.GREEN, plot.RED),
    ("A to B", "A to A, shuffled", "A to B, matched by starts", "A to B, matched"),
):
    ax.plot(np.linspace(0, 1, 21), hill, color=colour, label=words)
ax.set(xlabel="from A (0) to the other network (1)", ylabel="training loss")
ax.legend()
plt.show()

# %% [markdown]
r"""
The barrier between two networks is of the size of that between one and its own shuffled copy; four pairs cannot tell them apart. With the right names most of the hill is gone, at width 128 all but a twentieth. And nearly half is gone there with names that were given *before training*: units remember their starts (their weights end at a cosine of 0.7 to them).
"""

# %% tags=["checks"]
same = permuted(A_net, torch.randperm(128, generator=torch.manual_seed(5)))
verify(
    "a permuted network: the same outputs",
    score([p[None] for p in same], ink_new),
    score([p[None] for p in A_net], ink_new),
    atol=1e-4,
)
all_rows = np.array([line_rows[m] for m in line_widths])  # (width, pair, kind)
verify_at_most(
    "matched over plain barrier, by width, mean of four pairs",
    all_rows[:, :, 1].mean(1) / all_rows[:, :, 0].mean(1),
    [0.6, 0.4, 0.2],
)
at_128 = all_rows[2].mean(0)
verify_at_least(
    "width 128: plain barrier over that in the order of the starts, that over matched",
    [at_128[0] / at_128[2], at_128[2] / at_128[1]],
    [1.3, 4.0],
)
by_unit = [torch.cat([P[0], P[1], P[2].mT], 1) for P in (pair_starts, pair_ends)]
verify_at_least(
    "width 128: cosine of a unit's weights with their start, mean over units",
    F.cosine_similarity(*by_unit, 1).mean(),
    0.5,
)
verify_at_most(
    "A to B against A to itself, shuffled: differences in standard errors, by width",
    abs(all_rows[:, :, 0] - all_rows[:, :, 3]).mean(1)
    / np.hypot(*(all_rows[:, :, [0, 3]].std(1, ddof=1).T / 2)),
    4.0,
)
small = np.random.default_rng(0).normal(size=(5, 5))
import itertools

verify(
    "the assignment is the best of all 120 orders",
    small[np.arange(5), optimize.linear_sum_assignment(-small)[1]].sum(),
    max(small[np.arange(5), list(o)].sum() for o in itertools.permutations(range(5))),
)

# %% [markdown]
r"""
**Try it.** In how many ways can one write the weights of a $\tanh$ network with two hidden layers, of 4 and 3 units, counting orders and signs?
"""

# %% tags=["yours"]
same_function = ...  # a whole number

exercise("same-function").check(same_function)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$4!\cdot3!$ orders, and for every one of the seven units the signs of all that comes in and goes out can be changed together.

```python
same_function = 24 * 6 * 2**7
```

</details>
"""

# %% [markdown]
r"""
(ticket)=
## Was the small network there from the start?

A trained network can lose [most of its small weights](#pruning). But a small one, drawn at random, learns less well. The *lottery-ticket hypothesis* {cite:p}`frankle2019` says that this is bad luck: the large network contains a small one which, *from its own start*, learns as well.

(lottery-ticket)=
To find it: train, remove the smallest of the weights that are left, *put all others back to their start*, and repeat. With 60 per cent removed in each of three rounds, 40, 16 and 6 per cent of the weights remain.

(mask-controls)=
What would show that the ticket is special? Each control changes one thing. The same *number* of first weights at random places. The same number for each *pixel*, each *unit*, or both (perhaps only those count). The same places, but *fresh* weights. The same places with fresh sizes and the *old signs* {cite:p}`zhou2019lottery`, and the other half of it: the old sizes with fresh signs. All get the same data, steps and rate; six starts, paired. (The output layer keeps its places: at random, $10\cdot0.936^{32}\approx1.2$ classes would lose all weights.)
"""


# %% tags=["set-up"]
def keep_largest(P, masks, share):
    """Masks of the weights whose size is among the largest share of each matrix."""
    kept = []
    for w, k in zip(P, masks):
        if w.shape[1] > 1:
            size = (w * k).abs()
            k = (size >= size.flatten(1).quantile(1 - share, 1)[:, None, None]) * k
        kept.append(k)
    return kept


def shuffled_all(k, g):
    order = torch.rand(k.flatten(1).shape, generator=g).argsort(1)
    return k.flatten(1).gather(1, order).view(k.shape)


def shuffled(k, g, dim):
    return k.gather(dim, torch.rand(k.shape, generator=g).argsort(dim))


def shuffled_both(k, g, rounds=20):  # setting
    """Pairs of units trade the pixels that one of them has: all counts stay."""
    n, d, m = k.shape
    for _ in range(rounds):
        order = torch.rand(n, 1, m, generator=g).argsort(2).expand(n, d, m)
        one, two = k.gather(2, order).split(m // 2, 2)
        trade = one != two
        lot = torch.rand(one.shape, generator=g) * trade
        rank = lot.argsort(1, descending=True).argsort(1)
        new = torch.where(trade, (rank < (one * trade).sum(1, keepdim=True)) * 1.0, one)
        k = torch.zeros_like(k).scatter(2, order, torch.cat([new, one + two - new], 2))
    return k


def right_share(P):
    return (score(P, ink_new).argmax(2) == ink_new_labels).float().mean(1).numpy()


TICKETS = [
    "ticket",
    "random places",
    "same pixels",
    "same units",
    "pixels and units",
    "fresh weights",
    "old signs",
    "old sizes",
]
g = torch.Generator().manual_seed(11)
ticket_start = start_units(32, 6, g)
masks = [torch.ones_like(w) for w in ticket_start]
grown_up = adam_units(ticket_start, 120, torch.Generator().manual_seed(12))
dense_right, ticket_right, densities = right_share(grown_up), [], []
for r in range(3):
    masks = keep_largest(grown_up, masks, 0.4 ** (r + 1))
    densities.append(masks[0].mean().item())
    fresh = start_units(32, 6, g)
    signed = [f.abs() * w.sign() for f, w in zip(fresh, ticket_start)]
    others = (
        shuffled_all(masks[0], g),
        shuffled(masks[0], g, 2),
        shuffled(masks[0], g, 1),
        shuffled_both(masks[0], torch.Generator().manual_seed(78)),
    )
    places = [[other, *masks[1:]] for other in others]
    coins = torch.Generator().manual_seed(77)
    sized = [
        w * (1 - 2 * (torch.rand(w.shape, generator=coins) < 0.5).float())
        for w in ticket_start
    ]
    all_starts = [ticket_start] * 5 + [fresh, signed, sized]
    all_masks = [masks, *places, masks, masks, masks]
    stacked = [torch.cat(parts) for parts in zip(*all_starts)]
    kept = [torch.cat(parts) for parts in zip(*all_masks)]
    trained = adam_units(stacked, 120, torch.Generator().manual_seed(12), kept)
    ticket_right.append(right_share(trained).reshape(8, 6))
    grown_up = [w[:6] for w in trained]
ticket_right = np.array(ticket_right)  # (round, kind, start)
print(
    f"right on new digits; all weights: {dense_right.mean():.3f} ± {dense_right.std(ddof=1):.3f}"
)
print("weights kept     " + "".join(f"{d:16.0%}" for d in densities))
for i, name in enumerate(TICKETS):
    cells = [f"{v.mean():.3f} ± {v.std(ddof=1):.3f}" for v in ticket_right[:, i]]
    print(f"{name:16} " + "".join(f"{c:>16}" for c in cells))

# %% tags=["picture"] mystnb={"image": {"alt": "Accuracy against the share of weights kept, six starts: ticket and old signs lie together on top, fresh weights, old sizes and places with the same pixels and units below, lowest random places; the gap widens as fewer weights are kept."}}
fig, ax = plt.subplots(figsize=(6.8, 2.9))
for name, colour in (
    ("ticket", plot.RED),
    ("old signs", plot.ORANGE),
    ("fresh weights", plot.BLUE),
    ("pixels and units", plot.GREEN),
    ("old sizes", plot.PURPLE),
    ("random places", plot.GREY),
):
    i = TICKETS.index(name)
    middle, spread = ticket_right[:, i].mean(1), ticket_right[:, i].std(1, ddof=1)
    ax.errorbar(
        densities,
        middle,
        spread,
        color=colour,
        lw=4 if i == 0 else 1.5,
        marker="o",
        ms=4,
        label=name,
        capsize=3,
    )
ax.axhline(dense_right.mean(), color="black", lw=0.8, ls=":")
ax.set(xscale="log", xlabel="share of the weights kept", ylabel="right on new digits")
ax.invert_xaxis()
ax.set_xticks(densities, [f"{d:.0%}" for d in densities])
ax.minorticks_off()
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
r"""
The ticket learns better than with weights at random places, and the fewer are left, the larger the gap: *where* the weights are matters. The numbers per pixel and per unit do not explain that: at 6 per cent even both together bring back less than half of the gap. With fresh weights at the ticket's places a good part of the gain is lost. With fresh sizes and the old *signs* it is back; with the old sizes and fresh signs it is not. What was there from the start is a pattern of places and signs, one bit a weight. But with six per cent of the weights no ticket is as good as the whole network.
"""

# %% tags=["checks"]
gain_of = ticket_right[:, 0] - ticket_right[:, 1:].transpose(
    1, 0, 2
)  # (rival, round, start)
gain_z = gain_of.mean(2) / (gain_of.std(2, ddof=1) / 6**0.5)
verify_at_least(
    "6 % kept: ticket over four controls of places, fresh weights, in standard errors",
    gain_z[:5, 2],
    np.full(5, 2.5),
)
verify_at_least("and over old sizes with fresh signs", gain_z[6, 2], 2.5)
verify_at_most(
    "and over old signs with fresh sizes: points of accuracy",
    abs(gain_of[5].mean(1)),
    0.04,
)
verify_at_least(
    "6 % kept: whole network over ticket, points",
    dense_right.mean() - ticket_right[2, 0].mean(),
    0.03,
)
both_kept = places[3][0]
verify(
    "pixels and units: both numbers stay, for each of six tickets",
    torch.cat([both_kept.sum(1), both_kept.sum(2)], 1),
    torch.cat([masks[0].sum(1), masks[0].sum(2)], 1),
)
verify_at_most(
    "and of the ticket's own places so many stay",
    (both_kept * masks[0]).mean() / densities[2],
    0.25,
)

# %% [markdown]
r"""
(flat-on-purpose)=
## Does it pay to look for flat places?

[Flat minima](#flat-minima) are said to be good ones. Does looking for them pay more?

(sharpness-aware-minimization)=
*Sharpness-aware minimization* (SAM) asks for weights whose whole neighbourhood has a small loss: $\min_\theta\max_{\|\epsilon\|\le\rho}\mathcal R(\theta+\epsilon)$. To first order the worst neighbour lies uphill, $\epsilon=\rho\,g/\|g\|$, where the loss is $\mathcal R+\rho\|g\|$; and one descends with the gradient *there* {cite:p}`foret2021`:

$$
\theta\leftarrow\theta-\eta\,\nabla\mathcal R\Bigl(\theta+\rho\frac{g}{\|g\|}\Bigr),\qquad g=\nabla\mathcal R(\theta).
$$ (eq-td-sam)

**By hand.** On $\frac\lambda2x^2$ at $x>0$ the gradient there is $\lambda(x+\rho)$ in place of $\lambda x$: the push is larger by $\lambda\rho$, more in sharp directions than in flat ones. A step costs *two* gradients, so a fair rival gets twice the steps; and for SAM's radius it gets a weight decay to tune. Both are tuned on the same validation data, six rates by three settings each. 200 digits, for three in ten the label is drawn anew, eight starts. To see what decides, the rival runs also without decay and with half the steps, and SAM (with its best radius) with decay.
"""


# %%
def sam_gradient(grad, theta, rho):
    g = grad(theta)
    return grad(theta + rho * g / np.linalg.norm(g))


# %% tags=["set-up"]
sam_rates = 0.2 * 2.0 ** np.arange(6)
sam_radii, sam_decays = (0.3, 0.8, 2.0), (0.01, 0.03, 0.1)


def noisy_digits(steps, radii, decays, n=200, units=32, batch=32, seeds=8):
    """Accuracy on validation and on test data, and of the weights: (seeds, setting, rate)."""
    g = torch.Generator().manual_seed(21)
    settings = [(r, d) for r in radii for d in decays]
    R = len(settings) * len(sam_rates)
    rows = torch.stack([torch.randperm(1000, generator=g)[:n] for _ in range(seeds)])
    wrong = torch.rand(seeds, n, generator=g) < 0.3
    told = torch.where(
        wrong, torch.randint(10, (seeds, n), generator=g), mup_labels[rows]
    )
    P = [w.repeat_interleave(R, 0) for w in start_units(units, seeds, g)]
    per_net = lambda v: torch.tensor(v).float().repeat(seeds)[:, None, None]
    eta = per_net([e for _ in settings for e in sam_rates])
    rho, decay = (per_net([s[i] for s in settings for _ in sam_rates]) for i in (0, 1))

    def gradient(P, X, Y):
        P = [w.detach().requires_grad_() for w in P]
        out = torch.relu(X @ P[0] + P[1]) @ P[2] + P[3]
        loss = F.cross_entropy(out.flatten(0, 1), Y.flatten(), reduction="sum")
        return torch.autograd.grad(loss / batch, P)

    for t in range(steps):
        pick = torch.randperm(n, generator=g)[:batch]
        X = ink[rows[:, pick]].repeat_interleave(R, 0)
        Y = told[:, pick].repeat_interleave(R, 0)
        G = gradient(P, X, Y)
        if max(radii) > 0:
            size = norms(G)
            G = gradient([w + rho * d / size for w, d in zip(P, G)], X, Y)
        P = [w - eta * (1 - t / steps) * (d + decay * w) for w, d in zip(P, G)]
    shape = (seeds, len(settings), len(sam_rates))
    valid = (score(P, ink[1000:]).argmax(2) == mup_labels[1000:]).float().mean(1)
    return valid.view(shape).numpy(), right_share(P).reshape(shape)


sam_runs = {
    "SAM, 120 steps of two gradients": noisy_digits(120, sam_radii, (0.0,)),
    "SGD, 240 steps, decay": noisy_digits(240, (0.0,), sam_decays),
    "SGD, 120 steps, decay": noisy_digits(120, (0.0,), sam_decays),
    "SGD, 240 steps, none": noisy_digits(240, (0.0,), (0.0,)),
    "SGD, 120 steps, none": noisy_digits(120, (0.0,), (0.0,)),
    "SAM, 120 steps, decay": noisy_digits(120, (0.8,), sam_decays),
}
sam_gain = []
print(
    "                                  chosen       rate   right on test   SAM minus this"
)
for name, (valid, test) in sam_runs.items():
    k, e = np.unravel_index(valid.mean(0).argmax(), valid.shape[1:])
    if not sam_gain:
        sam_right = test[:, k, e]
    sam_gain.append(sam_right - test[:, k, e])
    word = f"decay {sam_decays[k]}" if name.endswith("decay") else ""
    word = f"ρ = {sam_radii[k]}" if "gradients" in name else word
    gain = f"{sam_gain[-1].mean():+.3f} ± {sam_gain[-1].std(ddof=1) / 8**0.5:.3f}"
    print(
        f"{name:32}  {word:11}  {sam_rates[e]:4.1f}   "
        f"{test[:, k, e].mean():.3f} ± {test[:, k, e].std(ddof=1):.3f}   "
        f"{'' if 'gradients' in name else gain}".rstrip()
    )
sam_gain = np.array(sam_gain[1:])  # (rival, start)

# %% [markdown]
r"""
The last column has standard errors of paired differences. SAM ties with a weight decay, even at half its price; without one SGD loses by four standard errors, and twice the steps do not help it. With a decay of its own SAM gains two points, and is ahead of decay alone by less than a standard error. Had the rival been given none, we would have sold SAM.
"""

# %% tags=["checks"]
sam_z = sam_gain.mean(1) / (sam_gain.std(1, ddof=1) / 8**0.5)
verify_at_most(
    "SAM minus SGD with decay, 240 and 120 steps, paired by start: in standard errors",
    abs(sam_z[:2]),
    3.0,
)
verify_at_least(
    "SAM minus SGD without decay, 240 and 120 steps: in standard errors",
    sam_z[2:4],
    2.5,
)
verify_at_most("SAM minus SAM with decay: in standard errors", sam_z[4], -2.0)
both_gain = sam_gain[0] - sam_gain[4]
verify_at_most(
    "and SAM with decay minus SGD with decay: in standard errors, either way",
    abs(both_gain.mean()) / (both_gain.std(ddof=1) / 8**0.5),
    2.0,
)
places = [
    np.unravel_index(valid.mean(0).argmax(), valid.shape[1:])
    for valid, _ in sam_runs.values()
]
verify(
    "six contestants: rates chosen on an edge of the grid",
    sum(e in (0, len(sam_rates) - 1) for _, e in places),
    0,
)
verify(
    "SAM's radius and the first rival's decay: which of the three",
    [k for k, _ in places[:2]],
    [1, 1],
)
H_sam = np.diag([4.0, 1.0])
small_rho, at_sam = 1e-4, np.array([1.0, -2.0])
g_sam = H_sam @ at_sam
verify(
    "the gradient at the worst neighbour: plus ρHg/|g|, on a quadratic",
    sam_gradient(lambda x: H_sam @ x, at_sam, small_rho) - g_sam,
    small_rho * H_sam @ g_sam / np.linalg.norm(g_sam),
    atol=1e-12,
)
disc = (
    small_rho
    * np.array([np.cos(np.linspace(0, 6.28, 629)), np.sin(np.linspace(0, 6.28, 629))]).T
)
around_it = ((at_sam + disc) ** 2 @ np.diag(H_sam)) / 2
verify(
    "and no neighbour on the circle has a larger loss, to first order: R + ρ|g|",
    around_it.max() - at_sam**2 @ np.diag(H_sam) / 2,
    small_rho * np.linalg.norm(g_sam),
    rtol=1e-3,
)

# %% [markdown]
r"""
## In practice

**Watch the sharpness of your own model.** One product $Hv$ costs about two gradients. An ordinary loop for a torch module, with a warm-up, that prints $\eta S$ now and then:
"""


# %%
def sharpness_of(model, loss, loops=20):  # setting
    P = [p for p in model.parameters() if p.requires_grad]
    G = torch.autograd.grad(loss(model), P, create_graph=True)
    V = [torch.randn_like(p) for p in P]
    for _ in range(loops):
        size = sum((v**2).sum() for v in V).sqrt()
        V = [v / size for v in V]
        HV = torch.autograd.grad(G, P, V, retain_graph=True)
        top = sum((v * h).sum() for v, h in zip(V, HV))
        V = HV
    return top.item()


# %% tags=["set-up"]

torch.manual_seed(0)
watched = torch.nn.Sequential(
    torch.nn.Linear(64, 16), torch.nn.Tanh(), torch.nn.Linear(16, 10)
)
watched_loss = lambda model: F.mse_loss(model(hundred), targets, reduction="sum") / 200
log = []

# %%
optimizer = torch.optim.SGD(watched.parameters(), lr=1.0)  # setting
schedules = torch.optim.lr_scheduler
ramp = schedules.LinearLR(optimizer, 0.05, 1.0, total_iters=50)  # setting
for step in range(401):  # setting
    if step % 100 == 0:  # setting
        eta = optimizer.param_groups[0]["lr"]
        log.append((step, eta * sharpness_of(watched, watched_loss)))
        print(f"step {step:3}   η = {eta:.2f}   ηS = {log[-1][1]:.2f}")
    optimizer.zero_grad()
    watched_loss(watched).backward()
    optimizer.step()
    ramp.step()

# %% tags=["checks"]
verify(
    "ηS of the loop at steps 300 and 400",
    [s for _, s in log[-2:]],
    [2.0, 2.0],
    atol=0.25,
)
flat_watch = torch.cat([w.detach().flatten() for w in watched.parameters()])
names_w = [(n, w.shape, w.numel()) for n, w in watched.named_parameters()]


def as_function(theta):
    parts = theta.split([size for _, _, size in names_w])
    state = {n: v.view(s) for (n, s, _), v in zip(names_w, parts)}
    out = torch.func.functional_call(watched, state, (hundred,))
    return ((out - targets) ** 2).sum() / 200


whole_hessian = torch.autograd.functional.hessian(as_function, flat_watch)
verify(
    "two hundred loops of it, against the whole Hessian",
    sharpness_of(watched, watched_loss, loops=200),
    torch.linalg.eigvalsh(whole_hessian)[-1],
    rtol=0.02,
)
torch.manual_seed(3)
cut = torch.nn.Linear(20, 20)
original = cut.weight.detach().clone()
from torch.nn.utils import prune

prune.l1_unstructured(cut, "weight", amount=0.6)
verify(
    "the mask of one round, by torch.nn.utils.prune",
    keep_largest([original[None]], [torch.ones(1, 20, 20)], 0.4)[0][0],
    cut.weight_mask,
)

# %% [markdown]
r"""
What to take into a project:

| when | look at | do |
|---|---|---|
| a deep network without norms does not start | correlation and gradient, layer by layer | put $\sigma_w$ on the edge, or make it [skip](#skip-connection) |
| full batch, loss jumps | $\eta S$ | nothing: near 2 this is where it lives |
| the first steps blow up | $\eta S_0$ | warm up, or start flatter |
| the width changes | movement of the features | rates $\propto1/m$ for hidden and output weights |
| training loss is zero, test loss is not | decay, and a measure of progress | wait, but not without a reason |
| someone explains a network | what the explanation forbids | turn *one* part, predict the answer |
| two networks are to be averaged | the barrier after matching | match first |

## Beware

**"Above $2/\eta$ training diverges."** On a parabola. In [the fifteen runs](#edge-of-stability) some begin at $\eta S=3.4$ and end well. And **"the loss must fall"**: at $\eta=1.4$ it rises in four steps of ten.

**"Sharpness is a property of the function."** Multiply the first layer of a ReLU network by 10 and divide the second by 10. It is the same function, but [its sharpness](#sharpness-not-invariant) is another.

**"It did what I predicted, so my explanation is right."** The dial obeyed, and would have obeyed [for a lookup table](#causal-intervention). Ask what could have failed.

**"The control is a formality."** Without the network that had no decay, we would have sold the phase law as the moment of insight. A probe that is too strong: decode the *answer of a coin* from the activations of the untrained network, with as many features as questions, and score it on the questions it was fitted to:
"""

# %% tags=["set-up"]
coin = np.random.default_rng(4).choice([-1.0, 1.0], len(H_start))
mixing = np.random.default_rng(5).normal(size=(128, 529))
many = np.maximum(H_start / H_start.std() @ mixing, 0)
fitted = many[:264] @ np.linalg.lstsq(many[:264], coin[:264], rcond=None)[0]
fresh_coin = many[264:] @ np.linalg.lstsq(many[:264], coin[:264], rcond=None)[0]
print(
    f"right about the coin: {np.mean(np.sign(fitted) == coin[:264]):.2f} where fitted,"
)
print(
    f"                      {np.mean(np.sign(fresh_coin) == coin[264:]):.2f} on new questions"
)

# %% tags=["checks"]
verify(
    "a coin is decoded perfectly where the probe was fitted",
    np.mean(np.sign(fitted) == coin[:264]),
    1.0,
)
verify(
    "and by chance elsewhere, within three standard errors",
    np.mean(np.sign(fresh_coin) == coin[264:]),
    0.5,
    atol=3 * 0.5 / 265**0.5,
)

# %% [markdown]
r"""
**"Grokking shows that one should always train longer."** *This* network, with *this* decay, on data that have a rule, was not finished.

## Exercises

**A start for a hundred layers.** Choose $\sigma_w$ and $\sigma_b$ so that in a network of 100 erf layers two inputs of correlation 0.3 and length 1 do not become alike (correlation at most 0.9 in the end), and the gradient's mean square changes by less than a factor of $10^3$ on the way.
"""

# %% tags=["yours"]
deep_start = ...  # (sigma_w, sigma_b)

exercise("deep-start").check(deep_start)

# %% [markdown]
r"""
<details><summary>Solution</summary>

On the edge without biases, $(1,0)$, the correlation stays (the fixed point is $k^*=0$ and nothing pulls), and $\chi(q_l)$ tends to 1 as $q$ falls like $1/l$.

```python
deep_start = (1.0, 0.0)
```

</details>

**Where does SAM come to rest?** Run it on $\frac\lambda2x^2$ with a fixed $\eta<2/\lambda$ and a fixed $\rho$. At which distance $|x|$ from the minimum does it end?
"""

# %% tags=["yours"]
sam_step = ...  # a function of lam, eta, rho
exercise("sam-step").check(sam_step)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Nowhere: it jumps to and fro for ever. From $x>0$ a step leads to $x-\eta\lambda(x+\rho)$. This is $-x$ if $x=\eta\lambda\rho/(2-\eta\lambda)$; and since a deviation from this $x$ is multiplied by $1-\eta\lambda$, this is where it ends. In sharp directions the jumps are longer: there SAM feels where the loss is steep *around* it.

```python
sam_step = lambda lam, eta, rho: eta * lam * rho / (2 - eta * lam)
```

</details>

**The edge for rectified units.** With $\varphi(z)=\max(z,0)$ and biases, $\chi$ depends on $\sigma_w$ alone. Write it as a function, and with it say what "two over the fan-in" is.
"""

# %% tags=["yours"]
relu_chi = ...  # a function of sigma_w

exercise("relu-chi").check(relu_chi)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\varphi'^2$ is 1 for half of all $z$, so $\chi=\sigma_w^2/2$, and two over the fan-in is $\chi=1$: gradients keep their size at every depth. Two inputs still grow alike, [only slowly](#edge-of-chaos).

```python
relu_chi = lambda sigma_w: sigma_w**2 / 2
```

</details>

**How sharp is a chain?** For $\frac12(w_1w_2\cdots w_L-1)^2$ with all $w_i=1$ write the largest eigenvalue of the Hessian as a function of $L$, and the largest rate with which this minimum can hold the iterate.
"""

# %% tags=["yours"]
chain_limits = ...  # a function of L that returns (sharpness, largest rate)

exercise("chain-limits").check(chain_limits)

# %% [markdown]
r"""
<details><summary>Solution</summary>

At the minimum the residual is zero, so $H=gg^\top$ with $g_i=\prod_{j\ne i}w_j=1$: sharpness $L$, and $\eta<2/L$. Deeper is sharper.

```python
chain_limits = lambda L: (L, 2 / L)
```

</details>

## Summary

| question | answer | where |
|---|---|---|
| what two inputs have in common | $k'=\sigma_w^2\,\mathbb E[\varphi(u)\varphi(v)]+\sigma_b^2$ | [mean field](#mean-field-signal-propagation) |
| order or chaos | $\chi=\sigma_w^2\,\mathbb E[\varphi'^2]$ below or above 1 | [the edge](#edge-of-chaos) |
| the depth that trains | $L\lesssim6\,\xi$, $\xi=1/\lvert\ln s\rvert$ | [depth](#trainable-depth) |
| where the sharpness goes | $S\to2/\eta$, held by a wobble with $x^2=2\alpha/\beta$ | [the edge of stability](#edge-of-stability), [why](#self-stabilization) |
| what a warm-up buys | larger rates from sharp starts | [warm-up](#learning-rate-warmup) |
| which solution is found | $\operatorname{arcsinh}(\beta/2\alpha^2)$ in the row space | [lazy or rich](#rich-and-kernel-regimes) |
| how far a step moves a sum | $\eta m$: rates $\propto1/m$ | [µP](#maximal-update-parametrization) |
| how a network adds modulo $p$ | waves, $\phi_c=\phi_a+\phi_b$ | [the circuit](#modular-addition-circuit) |
| what proves it | an intervention with a predicted answer | [turning](#causal-intervention) |
| how different two solutions are | match the units, then measure | [barrier](#linear-mode-connectivity) |

**Further reading.** {cite:t}`schoenholz2017` for signals, {cite:t}`cohen2021` and {cite:t}`damian2023` for the edge, {cite:t}`yang2021tuning` for widths, {cite:t}`nanda2023` for circuits, {cite:t}`ainsworth2023` for symmetry.
"""

# %% [markdown]
r"""
## The shelf

(hessian-spectrum)=
### The spectrum of the Hessian

The sharpness is one eigenvalue of many. In trained classifiers most eigenvalues are close to zero, and a few stand far out, in large networks about as many as there are classes {cite:p}`sagun2017,ghorbani2019`. For a squared error the Hessian is $\frac1nJ^\top J$ plus a term with the residuals; near a fit the second is small, and the first has as many large directions as there are *kinds* of gradients. A network of 8 hidden units has no such clean gap, but the effect is there: with three classes in place of ten, fewer directions are steep.
"""


# %% tags=["set-up"]
def spectrum(classes, steps=400):
    """All eigenvalues of H and of its part JᵀJ/n, 64-8-classes tanh network."""
    kept = mup_labels < classes
    X, Y = mup_train[kept][:100], F.one_hot(mup_labels[kept][:100], classes).float()
    g = torch.Generator().manual_seed(0)
    shapes = ((64, 8), (8, classes))
    theta = torch.cat(
        [0.6 * torch.randn(a * b, generator=g) / a**0.5 for a, b in shapes]
    )

    def out(theta):
        W, V = (v.view(s) for v, s in zip(theta.split([512, 8 * classes]), shapes))
        return torch.tanh(X @ W) @ V

    loss = lambda theta: ((out(theta) - Y) ** 2).sum() / 200
    for _ in range(steps):
        theta = theta.detach().requires_grad_()
        theta = theta - 0.3 * torch.autograd.grad(loss(theta), theta)[0]
    J = torch.autograd.functional.jacobian(out, theta).reshape(-1, len(theta))
    H = torch.autograd.functional.hessian(loss, theta)
    return [
        torch.linalg.eigvalsh(M.detach()).flip(0).numpy() for M in (H, J.T @ J / 100)
    ]


spectra = {classes: spectrum(classes) for classes in (3, 10)}
for classes, (H_eigenvalues, _) in spectra.items():
    print(f"{classes:2} classes: " + " ".join(f"{v:.2f}" for v in H_eigenvalues[:13]))

# %% tags=["picture"] mystnb={"image": {"alt": "Eigenvalues of the Hessian sorted by size, for three and for ten classes: a handful of large ones, then a long tail near zero; the ten-class network has more that stand out."}}
fig, ax = plt.subplots(figsize=(6.8, 2.5))
for (classes, (H_eigenvalues, _)), colour in zip(
    spectra.items(), (plot.BLUE, plot.RED)
):
    ax.plot(
        np.arange(1, 41),
        H_eigenvalues[:40],
        ".-",
        color=colour,
        label=f"{classes} classes",
    )
ax.set(xlabel="rank", ylabel="eigenvalue")
ax.legend()
plt.show()

# %% tags=["checks"]
outliers = {c: (pair[0] > 0.1 * pair[0][0]).sum() for c, pair in spectra.items()}
verify_at_least(
    "directions above a tenth of the sharpness: ten classes over three",
    outliers[10] / outliers[3],
    1.5,
)
tenth = {c: len(pair[1]) // 10 for c, pair in spectra.items()}
verify_at_least(
    "share of the trace of JᵀJ/n in a tenth of the directions",
    [pair[1][: tenth[c]].sum() / pair[1].sum() for c, pair in spectra.items()],
    0.7,
)
verify(
    "the sharpness is that of JᵀJ/n",
    [s[0][0] / s[1][0] for s in spectra.values()],
    [1.0, 1.0],
    atol=0.1,
)

# %% [markdown]
r"""
(linear-network-dynamics)=
### Deep linear networks, solved

$f=W_2W_1x$ with white inputs ($\frac1nX^\top X=I$) and a teacher $M=\sum_ks_ku_kv_k^\top$. From a small balanced start in the singular directions the modes do not disturb one another: the strength $a$ of a mode obeys $\dot a=2a(s-a)$ {cite:p}`saxe2014`, a logistic curve

$$
a(t)=\frac{s}{1+(s/a_0-1)\,e^{-2st}}.
$$ (eq-td-saxe)

Strong modes are learnt first, each after a wait of about $\frac1{2s}\ln\frac s{a_0}$, in a sudden rise: plateaus and drops in a network without a single nonlinearity.
"""

# %% tags=["checks"]
rng = np.random.default_rng(5)
left_modes, right_modes = (np.linalg.qr(rng.normal(size=(4, 4)))[0] for _ in range(2))
strengths = np.array([4.0, 2.0, 1.0, 0.5])
teacher = left_modes * strengths @ right_modes.T
W1, W2 = 0.1 * right_modes.T, 0.1 * left_modes
seen_modes = []
for t in range(8001):
    if t % 500 == 0:
        seen_modes.append(np.diag(left_modes.T @ W2 @ W1 @ right_modes))
    E = W2 @ W1 - teacher
    W1, W2 = W1 - 0.001 * W2.T @ E, W2 - 0.001 * E @ W1.T
times = 0.5 * np.arange(17)[:, None]
verify(
    "four modes of a linear network at seventeen times: the logistic curves",
    seen_modes,
    strengths / (1 + (strengths / 0.01 - 1) * np.exp(-2 * strengths * times)),
    atol=0.02,
)

# %% [markdown]
r"""
(dynamical-isometry)=
### Dynamical isometry

$\chi=1$ keeps the *mean* square of a gradient. For every direction to survive, all singular values of the product of the layers' Jacobians must stay near 1. Orthogonal weights do that exactly in a linear network {cite:p}`saxe2014`; with sigmoids nearly, for small signals {cite:p}`pennington2017`. For Gaussian weights the mean of $\ln\|Wx\|^2$ per layer is $\psi(\frac m2)+\ln\frac2m\approx-\frac1m$, and the singular values spread by orders of magnitude.
"""

# %% tags=["checks"]
from scipy.special import digamma

rng = np.random.default_rng(6)
gaussian, orthogonal = np.eye(40), np.eye(40)
for _ in range(30):
    gaussian = rng.normal(size=(40, 40)) / 40**0.5 @ gaussian
    orthogonal = np.linalg.qr(rng.normal(size=(40, 40)))[0] @ orthogonal
verify(
    "thirty orthogonal layers: all singular values 1",
    np.linalg.svd(orthogonal, compute_uv=False),
    np.ones(40),
    atol=1e-10,
)
values = np.linalg.svd(gaussian, compute_uv=False)
verify_at_least(
    "thirty Gaussian layers: decades between the extremes",
    np.log10(values[0] / values[-1]),
    6.0,
)
one_layer = rng.normal(size=(4000, 10, 10)) / 10**0.5 @ (np.ones(10) / 10**0.5)
verify_within_se(
    "mean of ln ‖Wx‖², one layer of ten units",
    np.log((one_layer**2).sum(1)),
    digamma(5) + np.log(2 / 10),
)

# %% [markdown]
r"""
(sharpness-not-invariant)=
### Sharpness depends on the parametrisation

For rectified units $f(x)=V(Wx)_+$ is the same for $(cW,V/c)$, but curvature along $V$ is multiplied by $c^2$ and along $W$ by $c^{-2}$. So every minimum has equally good ones that are as sharp as one likes {cite:p}`dinh2017`, and a statement about sharpness needs a norm, a parametrisation, or, as at the edge of stability, an optimiser that makes the scale matter.
"""

# %% tags=["checks"]
rng = np.random.default_rng(7)
X_small, y_small = (
    torch.tensor(rng.normal(size=(30, 3))),
    torch.tensor(rng.normal(size=30)),
)
theta_small = torch.tensor(rng.normal(size=20))  # W (5, 3), V (5)


def relu_loss(theta, c=1.0):
    out = torch.relu(X_small @ (theta[:15].view(5, 3) * c).T) @ (theta[15:] / c)
    return ((out - y_small) ** 2).mean() / 2


scaled = torch.cat([theta_small[:15] * 10, theta_small[15:] / 10])
verify("the same loss", relu_loss(scaled), relu_loss(theta_small), rtol=1e-9)
H_plain, H_scaled = (
    torch.autograd.functional.hessian(relu_loss, th) for th in (theta_small, scaled)
)
factor = torch.tensor([0.1] * 15 + [10.0] * 5)
verify(
    "the Hessian is rescaled, block by block",
    H_scaled,
    factor[:, None] * H_plain * factor,
    atol=1e-6,
)

# %% [markdown]
r"""
(double-descent-slow-directions)=
### Double descent, seen in time

At $n\approx d$ a regression explodes [because](#double-descent) some singular values of $X$ are nearly zero. In time these directions come *last*: gradient descent with rate $\eta$ has fitted the share $1-(1-\eta\lambda_i)^t$ of direction $i$. Noise enters through the small $\lambda_i$, late. So the peak belongs to training to the end: stopped at its best time the error has none {cite:p}`advani2020`. For Gaussian data and $d<n-1$ the excess risk at the end is $\sigma^2d/(n-d-1)$, exactly.
"""


# %% tags=["set-up"]
def risk_in_time(d, n=40, noise=1.0, runs=150):
    """Excess risk at the end, and at the best time for each size, over many draws."""
    rng, path = np.random.default_rng(d), []
    t = np.geomspace(0.1, 1e7, 40)
    for _ in range(runs):
        X = rng.normal(size=(n, d))
        beta = rng.normal(size=d) / d**0.5
        U, s, Vt = np.linalg.svd(X, full_matrices=False)
        fitted = 1 - np.exp(-np.outer(t, s**2 / n))
        coordinates = fitted * (Vt @ beta + U.T @ (noise * rng.normal(size=n)) / s)
        left = coordinates - Vt @ beta
        unseen = beta @ beta - ((Vt @ beta) ** 2).sum()
        path.append((left**2).sum(1) + unseen)
    path = np.array(path)
    return path[:, -1], path.mean(0).min()


descent_sizes = [10, 20, 30, 38, 40, 42, 60, 120]
descent_risks = {d: risk_in_time(d) for d in descent_sizes}
print("d                   " + "".join(f"{d:8}" for d in descent_sizes))
print(
    "at the end, median  "
    + "".join(f"{np.median(descent_risks[d][0]):8.2f}" for d in descent_sizes)
)
print(
    "at the best time    "
    + "".join(f"{descent_risks[d][1]:8.2f}" for d in descent_sizes)
)

# %% tags=["checks"]
for_small = {d: descent_risks[d][0] for d in (10, 20)}
verify_within_se(
    "d = 10, n = 40: excess risk at the end", for_small[10], 10 / (40 - 10 - 1)
)
verify_within_se("d = 20", for_small[20], 20 / (40 - 20 - 1))
best_times = np.array([descent_risks[d][1] for d in descent_sizes])
verify_at_most(
    "at the best time no peak: risk at d = n over that at d = 120",
    best_times[4] / best_times[-1],
    1.0,
)

# %% [markdown]
r"""
(implicit-bias-margin)=
### Implicit bias: the widest margin

On separable classes the logistic loss has no minimum; gradient descent goes to infinity, and its *direction* tends to the separating line with the widest margin, with no penalty that asks for it {cite:p}`soudry2018`. Slowly: the length grows like $\ln t$, and the angle to the limit shrinks like $1/\ln t$. Give the points $(1,0)$, *twice*, and $(0,1)$: the margin asks for equal weights, but the first runs ahead by $\ln2$ for ever, which is an angle of $\ln2/(2\ln t)$.
"""

# %% tags=["checks"]
rng = np.random.default_rng(8)
crowd = np.array([6.0, 1.0]) + 0.3 * rng.normal(size=(30, 2))  # far from the border
signed_points = np.r_[[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], crowd]  # times labels
widest = optimize.minimize(
    lambda w: w @ w / 2,
    np.array([1.0, 1.0]),
    jac=lambda w: w,
    constraints={"type": "ineq", "fun": lambda w: signed_points @ w - 1},
).x
w, angles_to, margin_rate = np.zeros(2), [], 0.5
for t in range(1, 20_001):
    pull = (signed_points / (1 + np.exp(signed_points @ w))[:, None]).mean(0)
    w = w + margin_rate * pull
    if t in (5000, 20_000):
        cosine = w @ widest / np.linalg.norm(w) / np.linalg.norm(widest)
        angles_to.append(np.arccos(cosine))
slow_log = np.log(margin_rate * np.array([5000, 20_000]) / len(signed_points))
verify(
    "angle to the widest margin at two times: of (ln 2t', ln t') to (1, 1), t' = ηt/n",
    angles_to,
    np.arctan2(slow_log + math.log(2), slow_log) - math.pi / 4,
    rtol=0.07,
)
verify("and the doubled point is ahead by ln 2", w @ [1, -1], math.log(2), rtol=0.03)

# %% [markdown]
r"""
(mode-connecting-curve)=
### Curves between modes

Without renaming any unit, two networks can be joined by a *bent* path of low loss: take $\theta(s)=(1-s)^2\theta_A+2s(1-s)\,\theta_M+s^2\theta_B$ and train the middle point $\theta_M$ on random $s$ {cite:p}`garipov2018`. In high dimension a hill can be walked around.
"""


# %% tags=["set-up"]
def bend(A, B, steps=300, lr=0.02):
    """Middle point of a quadratic curve of low loss from A to B."""
    middle = [((a + b) / 2).clone().requires_grad_() for a, b in zip(A, B)]
    optimizer, g = torch.optim.Adam(middle, lr), torch.Generator().manual_seed(0)
    for _ in range(steps):
        s, pick = torch.rand(1, generator=g), torch.randint(1400, (100,), generator=g)
        at = [
            (1 - s) ** 2 * a + 2 * s * (1 - s) * m + s**2 * b
            for a, m, b in zip(A, middle, B)
        ]
        out = torch.relu(ink[pick] @ at[0] + at[1]) @ at[2] + at[3]
        optimizer.zero_grad()
        F.cross_entropy(out, mup_labels[pick]).backward()
        optimizer.step()
    return [m.detach() for m in middle]


g = torch.Generator().manual_seed(32)
bend_ends = adam_units(start_units(32, 2, g), 250, g)
bend_A, bend_B = ([w[i] for w in bend_ends] for i in (0, 1))
bend_middle = bend(bend_A, bend_B)
grid_s = torch.linspace(0, 1, 21)[:, None, None]
curve = [
    (1 - grid_s) ** 2 * a + 2 * grid_s * (1 - grid_s) * m + grid_s**2 * b
    for a, m, b in zip(bend_A, bend_middle, bend_B)
]
curve_loss = (
    F.cross_entropy(
        score(curve, ink).flatten(0, 1), mup_labels.repeat(21), reduction="none"
    )
    .view(21, -1)
    .mean(1)
)
line_loss = along_line(bend_A, bend_B, 21)
print(
    f"highest loss on the line {line_loss.max():.3f}, on the curve {curve_loss.max():.3f}, at the ends {max(line_loss[0], line_loss[-1]):.3f}"
)

# %% tags=["checks"]
verify_at_most(
    "highest loss on the curve, over that on the line",
    curve_loss.max() / line_loss.max(),
    0.4,
)

# %% [markdown]
r"""
(gradient-noise-scale)=
### Gradient noise scale

How large a batch pays? With a batch of $B$ the gradient is $g$ plus noise of covariance $\Sigma/B$. In the [quadratic model](#second-order-taylor-model) with $H=hI$ the best step gains $\frac{\|g\|^2}{2h}\cdot\frac1{1+\mathcal B/B}$ on average, with the *noise scale* $\mathcal B=\operatorname{tr}\Sigma/\|g\|^2$ {cite:p}`mccandlish2018`. At $B=\mathcal B$ a step gains half of what the whole data would give; beyond, doubling the batch buys almost nothing.
"""

# %% tags=["checks"]
rng = np.random.default_rng(9)
g_true, spread_of = np.array([1.0, 2.0]), np.array([3.0, 1.0])
noise_scale = (spread_of**2).sum() / (g_true @ g_true)
for_batches = []
for batch_size in (1, 2, 8):
    drawn = g_true + spread_of / batch_size**0.5 * rng.normal(size=(200_000, 2))
    steps_eta = np.linspace(0.01, 1, 100)
    gain_each = (
        steps_eta * (drawn @ g_true).mean()
        - steps_eta**2 / 2 * (drawn**2).sum(1).mean()
    )
    for_batches.append(gain_each.max() / (g_true @ g_true / 2))
verify(
    "gain of the best step at three batch sizes, simulated (h = 1)",
    for_batches,
    [1 / (1 + noise_scale / batch_size) for batch_size in (1, 2, 8)],
    rtol=0.03,
)
