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
(adversarial-chapter)=
# Adversaries

A small network reads handwritten digits and is right on 98 of 100 that it has never seen. Change every pixel by up to 15 % of the grey scale (black cannot get blacker), up or down as a coin falls: it hardly notices. Now keep the size of the noise and choose its signs with a single backpropagation.
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
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from scipy import integrate, optimize, special, stats
from scipy.spatial.distance import jensenshannon
from sklearn.linear_model import LogisticRegression
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


# %% tags=["remove-cell"]
@exercise.define("adv-line")
def _(answer):
    x, w = np.array([1.0, 2.0]), np.array([3.0, -4.0])
    best = lambda e: max(
        w @ (x + e * np.array(s)) + 1 for s in ((1, 1), (1, -1), (-1, 1), (-1, -1))
    )
    assert best(answer * 1.001) > 0, "no corner of your box reaches the other side"
    assert best(answer * 0.999) < 0, "a smaller box reaches the other side too"
    return True


@exercise.define("adv-l2-step")
def _(answer):
    g = torch.tensor([[3.0, 4.0], [0.0, -2.0]])
    step = answer(g, 0.5)
    assert step.shape == g.shape, "the step has the shape of the gradient"
    assert torch.allclose(step.norm(dim=1), torch.tensor([0.5, 0.5])), (
        "every row should have Euclidean length α"
    )
    assert torch.allclose((step * g).sum(1), torch.tensor([2.5, 1.0])), (
        "the gain should be α‖g‖₂"
    )
    return True


@exercise.define("adv-price")
def _(answer):
    pair = lambda x: torch.stack(
        [torch.zeros(len(x)), x @ torch.tensor([5.0, -12.0]) - 3], 1
    )
    at, to = torch.zeros(1, 2), torch.tensor([1])
    reached = lambda c: bool(
        gap(pair(pay(pair, at, to, c, hinge, box=False)), to) < 0.02
    )
    assert not reached(0.97 * answer), "less would do"
    assert reached(1.05 * answer), "that is not enough"
    return True


@exercise.define("adv-rounded")
def _(answer):
    rounded = lambda x: torch.round(100 * plain(x)) / 100
    new = answer(X_test, y_test)
    assert bool((new - X_test).abs().max() < 0.15 + 1e-9), (
        "a pixel moved by more than ε"
    )
    assert bool(((new >= 0) & (new <= 1)).all()), "these are no valid grey values"
    left = accuracy(rounded, new)
    assert left < 0.3, f"the rounded network is still right on {left:.2f}"
    return True


@exercise.define("adv-danskin")
def _(answer):
    worst = lambda theta: max((theta - d) ** 2 for d in (-0.5, 0.5))
    slope = (worst(-3 + 1e-5) - worst(-3 - 1e-5)) / 2e-5
    assert abs(answer - slope) < 1e-4, "which δ is the worst at θ = −3? Hold that one"
    return True


@exercise.define("adv-tanh-box")
def _(answer):
    rng = np.random.default_rng(0)
    W, b, x = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=3)
    low, high = answer(W, b, x, 0.2)
    corners = 0.2 * np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T
    seen = np.tanh((x + corners) @ W.T + b)
    assert np.allclose(low, seen.min(0)), (
        "the lower ends differ from the worst corner's"
    )
    assert np.allclose(high, seen.max(0)), (
        "the upper ends differ from the best corner's"
    )
    return True


@exercise.define("adv-best-reply")
def _(answer):
    for x in (-3.0, 0.0, 0.7, 2.0):
        p, q = stats.norm(0, 1).pdf(x), stats.norm(0, 2).pdf(x)
        assert abs(answer(x) - p / (p + q)) < 1e-9, (
            f"it differs from p/(p + q) at x = {x}"
        )
    return True


@exercise.define("adv-doubling")
def _(answer):
    at_once = lambda eta, n: np.linalg.matrix_power([[1, -eta], [eta, 1]], n)[:, 0]
    for eta in (0.05, 0.2):
        n = math.ceil(answer(eta))
        assert np.hypot(*at_once(eta, n)) >= 2 * (1 - 1e-9), (
            f"at η = {eta} the radius is still below 2"
        )
        assert np.hypot(*at_once(eta, n - 1)) < 2, (
            f"at η = {eta} it has doubled earlier"
        )
    return True


@exercise.define("adv-two-slopes")
def _(answer):
    for a in (-4.0, 0.0, 2.0):
        s = special.expit(a)
        assert np.isclose(answer(a), (1 - s) / s), f"compare with (1 − σ)/σ at a = {a}"
    return True


@exercise.define("adv-effective")
def _(answer):
    for value, counts in zip(answer, ([600, 600, 600], [1700, 50, 50]), strict=True):
        expected = math.exp(stats.entropy(counts))
        assert abs(value - expected) < 0.01, f"for {counts} it is not {value:.3f}"
    return True


@exercise.define("adv-two-boxes")
def _(answer):
    for theta in (1.5, 4.0):
        js, js_slope, w, w_slope = answer(theta)
        assert abs(js - math.log(2)) < 1e-9, "JS of two laws with nothing in common?"
        assert js_slope == 0, "JS does not notice where the other box is"
        x = np.linspace(0, 1, 101)
        assert abs(w - stats.wasserstein_distance(x, x + theta)) < 1e-9, (
            "how far does every grain of earth move?"
        )
        assert w_slope == 1, "move the box by a little: what does W do?"
    return True


@exercise.define("adv-disjoint")
def _(answer):
    p, q = np.r_[np.ones(4), 0] / 4, np.r_[0, np.ones(4)] / 4  # quarters
    mixture = (p + q) / 2
    js = (stats.entropy(p, mixture) + stats.entropy(q, mixture)) / 2
    assert len(answer) == 2, "a pair: V(D*, G), then JS"
    assert abs(answer[1] - js) < 1e-9, "that is not their Jensen–Shannon divergence"
    assert abs(answer[0] - (2 * js - math.log(4))) < 1e-9, (
        "what does the perfect discriminator score?"
    )
    return True


@exercise.define("adv-smoothing")
def _(answer):
    rng = np.random.default_rng(1)
    w, x, sigma = rng.normal(size=20), rng.normal(size=20), 0.4
    x = x * np.sign(w @ x)
    p = stats.norm.cdf(w @ x / (sigma * np.linalg.norm(w)))
    assert abs(answer(p, sigma) - w @ x / np.linalg.norm(w)) < 1e-6, (
        "for a linear classifier the radius should be the distance to the hyperplane"
    )
    assert abs(answer(0.5, 1.0)) < 1e-9, "at p = ½ nothing can be certified"
    return True


@exercise.define("adv-tighter")
def _(answer):
    x, t, eps = X_test[:60], y_test[:60], 0.02
    ours, yours = gaps_below(plain, x, t, eps), answer(plain, x, t, eps)
    assert yours.shape == ours.shape, "one bound for every class: (n, 10)"
    for j in range(10):
        lead = lambda net, x, y: (
            net(x)[:, j] - net(x).gather(1, y[:, None])[:, 0]
        ).sum()
        z = plain(pgd(plain, x, t, eps, loss=lead))
        seen = z.gather(1, t[:, None])[:, 0] - z[:, j]
        assert bool((yours[:, j] <= seen + 1e-9).all()), (
            f"an attack towards class {j} goes below your bound"
        )
    assert bool((yours >= ours - 1e-9).all()), "somewhere it is looser than the box"
    assert (yours - ours).mean() > 0.05, "it is hardly tighter than the box"
    return True


@exercise.define("adv-stronger")
def _(answer):
    net = nets["on attacks"]
    new = answer(net, X_test, y_test, 0.15)
    assert bool((new - X_test).abs().max() < 0.15 + 1e-9), (
        "a pixel moved by more than ε"
    )
    assert bool(((new >= 0) & (new <= 1)).all()), "these are no valid grey values"
    left, ours = accuracy(net, new), share(standing(net, 0.15))
    assert left < ours - 0.01, f"yours leaves {left:.3f}, the three attacks {ours:.3f}"
    return True


# %% tags=["set-up"]
X, y, X_test, y_test = (torch.tensor(a) for a in data.digits())  # grey values in [0, 1]


def cross_entropy(net, x, y):
    if isinstance(net, Stack):
        return StackedEntropy.apply(x, y, *net.weights)
    return F.cross_entropy(net(x), y, reduction="sum")


def stacked_slopes(x, y, W1, b1, W2, b2, in_x):
    """A Stack's cross-entropy and its slopes by hand: in x, or in the weights."""
    h = F.relu(torch.baddbmm(b1[:, None], x, W1.mT))
    z = torch.baddbmm(b2[:, None], h, W2.mT)
    log_p = torch.log_softmax(z.mT.contiguous(), 1)  # faster than along rows of ten
    truth = y[:, None]
    s = log_p.exp().scatter_add_(1, truth, -torch.ones_like(log_p[:, :1])).mT
    d = torch.ops.aten.threshold_backward(s @ W2, h, 0)  # where h > 0
    loss = -log_p.gather(1, truth).sum()
    return loss, [d @ W1] if in_x else [d.mT @ x, d.sum(1), s.mT @ h, s.sum(1)]


class StackedEntropy(torch.autograd.Function):
    """The same for automatic differentiation in the weights."""

    @staticmethod
    def forward(ctx, x, y, *weights):
        loss, ctx.slopes = stacked_slopes(x, y, *weights, False)
        return loss

    @staticmethod
    def backward(ctx, scale):
        return None, None, *(scale * g for g in ctx.slopes)


class Adam:
    """Adam; rate is a number or, for S networks at once, one for each: (S, 1, 1).

    The weights move into one long vector and stay what they are, views of it.
    """

    def __init__(self, weights, rate, b1=0.9, b2=0.999):
        rates = [torch.as_tensor(rate).expand(w.shape).ravel() for w in weights]
        self.w, self.b1, self.b2, self.t = self.in_a_row(weights), b1, b2, 0
        self.rate = torch.cat(rates).to(self.w)
        self.m, self.v = torch.zeros_like(self.w), torch.zeros_like(self.w)
        views = self.w.split([w.numel() for w in weights])
        for w, view in zip(weights, views):
            w.data = view.view(w.shape)

    def in_a_row(self, tensors):
        return torch.cat([t.detach().ravel() for t in tensors])

    @torch.no_grad()
    def step(self, slopes):
        self.t, g = self.t + 1, self.in_a_row(slopes)
        self.m.lerp_(g, 1 - self.b1)
        self.v.mul_(self.b2).addcmul_(g, g, value=1 - self.b2)
        size = self.v.sqrt().div_(math.sqrt(1 - self.b2**self.t)).add_(1e-8)
        step = size.reciprocal_().mul_(self.m).mul_(self.rate)
        self.w.sub_(step, alpha=1 / (1 - self.b1**self.t))


def train(loss=cross_entropy, X=X, y=y, rows=slice(None), width=24, seed=0, epochs=30):
    """A network n-width-10 trained by Adam on batches of 100; its weights fixed.

    The loss gets the network, a batch, its labels and the share of training done.
    """
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(X.shape[1], width), nn.ReLU(), nn.Linear(width, 10))
    weights = list(net.parameters())
    adam = Adam(weights, 5e-3)  # setting
    x, y, shuffle = X[rows], y[rows], torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        for B in torch.randperm(len(x), generator=shuffle).split(100):  # setting
            done = (epoch / epochs,) if loss is not cross_entropy else ()
            mean_loss = loss(net, x[B], y[B], *done) / len(B)
            adam.step(torch.autograd.grad(mean_loss, weights))
    return net.requires_grad_(False)


class Stack(list):
    """Networks n-width-10 side by side: [0] and [2] are their layers, weights stacked."""

    def __init__(self, nets, dtype=torch.float64):
        for layers in zip(*nets):
            pairs = zip(*(k.parameters() for k in layers))
            stacked = [torch.stack(p).to(dtype) for p in pairs]
            self.append(SimpleNamespace(**dict(zip(("weight", "bias"), stacked))))
        self.weights = [p.requires_grad_() for k in self for p in vars(k).values()]

    def __call__(self, x):  # (S, n, 64) -> (S, n, 10)
        W1, b1, W2, b2 = self.weights
        h = F.relu(torch.baddbmm(b1[:, None], x, W1.mT))
        return torch.baddbmm(b2[:, None], h, W2.mT)


def train_several(loss=cross_entropy, X=X, y=y, epochs=30):
    """As `train` for the seeds 0 to 5, all at once, in the precision of X."""
    nets = [train(X=X, seed=seed, epochs=0) for seed in range(6)]
    stack = Stack(nets, X.dtype)
    shuffles = [torch.Generator().manual_seed(k) for k in range(6)]
    adam = Adam(stack.weights, 5e-3)  # setting
    for epoch in range(epochs):
        order = torch.stack([torch.randperm(len(X), generator=g) for g in shuffles])
        for B in order.split(100, 1):  # setting
            done = (epoch / epochs,) if loss is not cross_entropy else ()
            mean_loss = loss(stack, X[B], y[B], *done) / B.shape[1]
            adam.step(torch.autograd.grad(mean_loss, stack.weights))
    for net, *values in zip(nets, *stack.weights):
        for p, value in zip(net.parameters(), values):
            p.copy_(value.detach())
    return nets


def input_gradient(net, x, y, loss=cross_entropy):
    if isinstance(net, Stack) and loss is cross_entropy:
        with torch.no_grad():
            return stacked_slopes(x, y, *net.weights, True)[1][0]
    x = x.detach().requires_grad_()
    return torch.autograd.grad(loss(net, x, y), x)[0]  # of the shape of x


def random_start(x, eps, seed):
    """A random point of the box of size eps around x, within the grey scale."""
    dice = torch.Generator().manual_seed(seed)
    return (x + eps * (2 * torch.rand(x.shape, generator=dice).to(x) - 1)).clamp(0, 1)


def accuracy(net, x):
    return (net(x).argmax(1) == y_test).double().mean().item()


def coins(shape, seed):
    """Random signs, +1 or −1."""
    return (
        torch.randint(2, shape, generator=torch.Generator().manual_seed(seed)) * 2.0 - 1
    )


plain_six = train_several()
plain = plain_six[0]
chosen_signs = input_gradient(plain, X_test, y_test).sign()
by_coin = np.array(
    [
        accuracy(plain, (X_test + 0.15 * coins(X_test.shape, s)).clamp(0, 1))
        for s in range(20)
    ]
)
opening_row = {
    "clean": accuracy(plain, X_test),
    "chosen signs": accuracy(plain, (X_test + 0.15 * chosen_signs).clamp(0, 1)),
}
print(f"test accuracy, clean                   {opening_row['clean']:.2f}")
print(
    f"±0.15 a pixel, signs by a coin         {by_coin.mean():.2f} ± {by_coin.std():.2f}   (20 throws)"
)
print(f"±0.15 a pixel, signs chosen            {opening_row['chosen signs']:.2f}")


# %% tags=["picture"] mystnb={"image": {"classes": "photo", "alt": "Grey pictures of eight by eight pixels. On the left a digit that the network recognises. Beside it two perturbations of at most 0.15 either way, grey where black or white pixels could not move further, each followed by its sum with the digit. Both sums look much the same as the digit. Above, the signs are a coin's, and the sum is read rightly; below, they are chosen, and it is read as another digit with high confidence."}}
def picture(ax, image, title="", low=0, high=1):
    ax.imshow(np.reshape(image, (8, 8)), cmap="gray", vmin=low, vmax=high)
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize=10)
    ax.grid(False)


def says(net, x):
    p = torch.softmax(net(x), -1)
    return f"“{p.argmax().item()}” with {p.max():.2f}"


def clearest(before, after, digits=(0, 3)):
    """The test digit (of these classes) that the attack turns with most confidence."""
    p, q = torch.softmax(plain(before), 1), torch.softmax(plain(after), 1)
    turned = (p.argmax(1) == y_test) & (q.argmax(1) != y_test)
    turned &= torch.isin(y_test, torch.tensor(digits))
    return (p.amax(1) * q.amax(1) * turned).argmax().item()


spoiled = (X_test + 0.15 * chosen_signs).clamp(0, 1)
SHOWN = clearest(X_test, spoiled)
by_luck = (X_test + 0.15 * coins(X_test.shape, 0)).clamp(0, 1)  # the first throw
fig, axes = plt.subplot_mosaic(
    [["digit", "noise 0", "sum 0"], ["digit", "noise 1", "sum 1"]], figsize=(6.8, 4.4)
)
picture(axes["digit"], X_test[SHOWN], says(plain, X_test[SHOWN]))
for row, (noisy, words) in enumerate(((by_luck, "a coin"), (spoiled, "the slopes"))):
    change = noisy[SHOWN] - X_test[SHOWN]
    picture(axes[f"noise {row}"], change, f"signs by {words}", -0.15, 0.15)
    picture(axes[f"sum {row}"], noisy[SHOWN], says(plain, noisy[SHOWN]))
plt.show()

# %% [markdown]
r"""
Same size, other signs: one noise is shrugged off, the other ruins the network. (Shown is the clearest of the zeros and threes; grey in the middle: no room to move.) With eight by eight pixels one sees the change. On a photograph one step in 256, seen by nobody, turned a panda into a gibbon {cite:p}`goodfellow2015`. Why is so little enough? And how would one ever *know* that a network is safe?

(adversarial-machine-learning)=
**Two games, one word.** In the first half of the chapter a model is fixed, and somebody searches for an input that deceives it. In the second two models are trained at the same time, each on what the other does: a *generative adversarial network*. The second is a minimum over one player of a maximum over the other, and so is the first once the model may train against its attacker.

You will be able to

- **find** small perturbations that fool a model, for a linear one the smallest,
- **distrust** an attack that fails, before trusting the defence,
- **defend** by training on attacks, and **prove** what no attack can do,
- **derive** what two competing networks would reach, and **see** why they often do not.

It builds on [backpropagation](#backpropagation), the [softmax](#softmax) with [cross-entropy](#binary-cross-entropy-loss), [norms](#lp-norms), [gradient descent](#gradient-descent) and, for the second half, the [KL divergence](#kl-divergence).

**The data** are the 1,797 digits of scikit-learn: 64 pixels with grey values between 0 (black) and 1 (white), 1,400 for training and 397 for testing. The network has one hidden layer of 24 ReLU units: so small that the second question can be answered exactly.
"""

# %% tags=["checks"]
verify_at_least(
    "accuracy under the coin's noise, the worst of 20 throws", by_coin.min(), 0.8
)
verify(
    "the digit shown is read rightly: clean, by the coin, by chosen signs",
    [
        (plain(v[SHOWN]).argmax() == y_test[SHOWN]).item()
        for v in (X_test, by_luck, spoiled)
    ],
    [True, True, False],
)
verify_at_most(
    "accuracy under the chosen noise, over the worst throw",
    opening_row["chosen signs"] / by_coin.min(),
    0.3,
)

# %% [markdown]
r"""
(adversarial-example)=
## A digit that is not

Spam filters, face locks and road-sign readers all meet inputs made by people who want them to fail.

Begin with three pixels and a linear score: $w=(2,-1,3)$, $x=(0.3,\,0.7,\,0.4)$, so $w^\top x=0.6-0.7+1.2=1.1$, and the answer is *yes* because the score is positive. Each pixel may move by 0.2. A coin has eight ways to choose the signs; the score changes by $0.2\,(\pm2\pm1\pm3)$. Only one of the eight wins against 1.1: all three signs against $w$, a change of $0.2\cdot(2+1+3)=1.2$. The attacker needs no luck, since the signs of $w$ are known.

How little would do? Moving every pixel by $\epsilon$ costs $6\epsilon$ of the score, so $\epsilon=1.1/6\approx0.18$. Moving straight to the boundary takes $1.1/\sqrt{14}\approx0.29$ in Euclidean length, moving the third pixel alone $1.1/3\approx0.37$. Three answers, because *small* was measured in three ways.

**Definition.** An *adversarial example* is an input $x'=x+\delta$ close to $x$ on which a model that is right on $x$ fails. *Close* is measured by a norm of $\delta$ that stands in for what a person would notice, mostly

$$
\|\delta\|_\infty=\max_i|\delta_i|,\qquad\|\delta\|_2=\Bigl(\sum_i\delta_i^2\Bigr)^{1/2},\qquad\|\delta\|_1=\sum_i|\delta_i| .
$$

The first allows a little everywhere, the last a lot in few places. No norm *is* perception: shift a picture by one pixel and all three are large.

(attack-is-not-training)=
**An attack is not training.** Training moves the weights and holds $x$; an attack holds the weights and moves $x$. Both need the same backpropagation, stopped at another leaf. For our network, with [$p-e_y$ at the logits](#softmax-cross-entropy-gradient),

$$
\nabla_xL=W_1^\top\bigl(\mathbf 1[W_1x+b_1>0]\odot W_2^\top(p-e_y)\bigr).
$$ (eq-adv-input-gradient)
"""


# %%
def gradient_by_hand(net, x, y):
    W1, b1, W2, b2 = net.parameters()
    u = x @ W1.T + b1  # (n, 24)
    p = torch.softmax(F.relu(u) @ W2.T + b2, 1)  # (n, 10)
    return ((p - F.one_hot(y, 10)) @ W2 * (u > 0)) @ W1  # (n, 64)


# %% tags=["checks"]
weights_before = [p.clone() for p in plain.parameters()]
verify(
    "the gradient in the input, by hand and by automatic differentiation",
    gradient_by_hand(plain, X_test, y_test),
    input_gradient(plain, X_test, y_test),
    atol=1e-12,
)
nudge = 1e-6 * torch.eye(64)
losses = lambda x: F.cross_entropy(plain(x), y_test[:1].expand(64), reduction="none")
verify(
    "the same by central differences",
    (losses(X_test[:1] + nudge) - losses(X_test[:1] - nudge)) / 2e-6,
    gradient_by_hand(plain, X_test[:1], y_test[:1])[0],
    atol=1e-7,
)
verify(
    "the weights after all this are bit for bit what they were",
    all(torch.equal(p, q) for p, q in zip(weights_before, plain.parameters())),
    True,
)
tiny_w, tiny_x = np.array([2.0, -1, 3]), np.array([0.3, 0.7, 0.4])
corners = 0.2 * np.array(np.meshgrid(*[[-1, 1]] * 3)).reshape(3, -1).T
verify(
    "three pixels: of eight sign patterns, those that turn the answer",
    int(((tiny_x + corners).clip(0, 1) @ tiny_w < 0).sum()),
    1,
)

# %% [markdown]
r"""
**Try it.** A point $x=(1,2)$ is classified by the sign of $3x_1-4x_2+1$. How large must $\epsilon$ be so that some $\delta$ with $\|\delta\|_\infty\le\epsilon$ brings it to the line?
"""

# %% tags=["yours"]
adv_line = ...  # a number

exercise("adv-line").check(adv_line)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The score is $-4$. Moving both coordinates by $\epsilon$ in the best directions changes it by $(3+4)\,\epsilon$.

```python
adv_line = 4 / 7
```

</details>
"""

# %% [markdown]
r"""
(fgsm)=
## One step uphill

Which signs does one choose against a network? It is not linear, but [close up it nearly is](#second-order-taylor-model): $L(x+\delta)\approx L(x)+\langle g,\delta\rangle$ with $g=\nabla_xL$. Let every pixel move by at most $\alpha$. Then every term of $\sum_ig_i\delta_i$ can be maximised alone:

$$
\delta=\alpha\,\operatorname{sign}\nabla_xL(x,y),\qquad\langle\nabla_xL,\delta\rangle=\alpha\|\nabla_xL\|_1 .
$$ (eq-adv-fgsm)

This is the *fast gradient sign method*, FGSM {cite:p}`goodfellow2015`: one backpropagation, one step. It maximises the *linear model* of the loss, not the loss.

For a linear score the model is the whole truth: $|w^\top x+b|$ falls by at most $\alpha\|w\|_1$. For any pair $\frac1p+\frac1q=1$ Hölder's inequality says $|w^\top\delta|\le\|w\|_q\|\delta\|_p$, with equality for some $\delta$ ([on the shelf](#adv-dual)); so the *distance to the boundary* is

$$
\min\{\|\delta\|_p:w^\top(x+\delta)+b=0\}=\frac{|w^\top x+b|}{\|w\|_q}.
$$ (eq-adv-distance)

That is where $1.1/6$, $1.1/\sqrt{14}$ and $1.1/3$ came from.
"""

# %% tags=["checks"]
by_solver = [
    optimize.minimize(
        lambda d: d @ d,
        np.zeros(3),
        constraints={"type": "eq", "fun": lambda d: np.dot([2, -1, 3], d) + 1.1},
    ).fun
    ** 0.5,
    optimize.linprog(  # variables δ and ε, |δ| ≤ ε, minimise ε
        [0, 0, 0, 1],
        A_ub=np.c_[np.r_[np.eye(3), -np.eye(3)], -np.ones(6)],
        b_ub=np.zeros(6),
        A_eq=[[2, -1, 3, 0]],
        b_eq=[-1.1],
        bounds=[(None, None)] * 4,
    ).fun,
    optimize.linprog(  # δ = a − b with a, b ≥ 0, minimise the sum of both
        np.ones(6), A_eq=[[2, -1, 3, -2, 1, -3]], b_eq=[-1.1]
    ).fun,
]
verify(
    "three pixels: distances to the boundary by solvers that know no duals",
    by_solver,
    [1.1 / math.sqrt(14), 1.1 / 6, 1.1 / 3],
    rtol=1e-6,
)

# %% [markdown]
r"""
**Why is so little enough?** A caricature: a linear score whose $n$ weights and $n$ inputs are independent draws from $\mathcal N(0,1)$, with $\alpha$ in units of $s$, the root mean square of a pixel. Three sums:

- the score itself, $\sum w_ix_i$, has random signs: its size is about $\sqrt n$;
- the coin's noise, $\alpha\sum\pm w_i$, too: about $\alpha\sqrt n$. To matter it needs $\alpha\approx1$;
- the chosen noise cancels nothing: $\alpha\sum|w_i|\approx\alpha\,n\sqrt{2/\pi}$.

The attacker turns the answer once $\alpha\,n\sqrt{2/\pi}>|w^\top x|$. The median of $|\mathcal N(0,1)|$ is 0.674, hence half of all inputs fall at

$$
\alpha_{1/2}\approx s\,\frac{0.674\,\sqrt n}{n\sqrt{2/\pi}}\approx\frac{0.85\,s}{\sqrt n}.
$$ (eq-adv-dimension)

The attacker adds up what the coin cancels. On 64 pixels with $s=0.48$ this predicts 0.05, a third of the opening's 0.15.
"""


# %% tags=["set-up"]
def half_of_inputs_fall(n, rows=2000):
    """Median α that turns a Gaussian linear score: signs chosen; signs by a coin."""
    rng = np.random.default_rng(n)
    w, x = rng.normal(size=(2, rows, n))
    score, coin = (w * x).sum(1), (w * rng.choice([-1, 1], (rows, n))).sum(1)
    return abs(score) / abs(w).sum(1), abs(score / coin)


falls = {n: half_of_inputs_fall(n) for n in (16, 128, 1024)}
print("numbers in the input    α that turns half of them: chosen    by a coin")
for n, (chosen, coin) in falls.items():
    print(f"{n:20}{np.median(chosen):37.3f}{np.median(coin):13.2f}")

# %% tags=["checks"]
verify(
    "median α of the chosen signs, times √n, at three n",
    [np.median(chosen) * math.sqrt(n) for n, (chosen, _) in falls.items()],
    np.full(3, stats.norm.ppf(0.75) * math.sqrt(math.pi / 2)),
    rtol=0.1,
)
verify_within_se(
    "share of inputs that the coin turns at α = 1, n = 1,024",
    (falls[1024][1] < 1).astype(float),
    0.5,
)

# %% [markdown]
r"""
(iterated-fgsm-clip)=
**Look again.** The linear model holds only nearby: take smaller steps, look again after each, and clip to the box of size $\epsilon$ and to valid grey values:

$$
x^{(k+1)}=\operatorname{clip}_{[x-\epsilon,\,x+\epsilon]\cap[0,1]}\Bigl(x^{(k)}+\alpha\operatorname{sign}\nabla_xL(x^{(k)},y)\Bigr).
$$ (eq-adv-pgd)

From the picture itself this is *iterated FGSM* {cite:p}`kurakin2017`; from a random point of the box it is *projected gradient descent*, PGD {cite:p}`madry2018`.
"""


# %%
def pgd(net, x, y, eps, steps=10, seed=None, loss=cross_entropy):  # setting
    alpha = eps / 4 if steps > 1 else eps  # setting
    low, high = (x - eps).clamp(0, 1), (x + eps).clamp(0, 1)
    now = x if seed is None else random_start(x, eps, seed)  # None: the picture itself
    for _ in range(steps):
        now = now + alpha * input_gradient(net, now, y, loss).sign()
        now = now.clamp(low, high)
    return now


# %% tags=["set-up"]
sizes = [0.02, 0.05, 0.1, 0.15, 0.2]
one_step = [accuracy(plain, pgd(plain, X_test, y_test, e, 1)) for e in sizes]
ten_steps = [accuracy(plain, pgd(plain, X_test, y_test, e)) for e in sizes]
print(f"{'ε':22}" + "".join(f"{e:8}" for e in sizes))
for name, values in (("accuracy, one step", one_step), ("ten steps", ten_steps)):
    print(f"{name:22}" + "".join(f"{v:8.2f}" for v in values))


# %% tags=["picture"]
def under_attack(epsilon):
    x, t = X_test[SHOWN : SHOWN + 1], y_test[SHOWN : SHOWN + 1]
    new = pgd(plain, x, t, epsilon)
    fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.7), width_ratios=[1, 1, 1.3])
    picture(axes[0], new, "reads " + says(plain, new[0]))
    picture(axes[1], new - x, f"perturbation ≤ {epsilon:g}", -0.3, 0.3)
    colours = [plot.BLUE if j == t.item() else plot.RED for j in range(10)]
    axes[2].bar(range(10), torch.softmax(plain(new), 1)[0], color=colours)
    axes[2].set(ylim=(0, 1), xticks=range(10), xlabel="class (blue: the truth)")
    return fig


explore(
    under_attack,
    alt="A digit under the iterated gradient sign attack, its perturbation and the network's probabilities, which jump to a wrong class as epsilon grows",
    epsilon=[0.15, 0.0, 0.05],
)

# %% [markdown]
r"""
At 0.02 one step and ten do the same damage; from 0.1 on, looking again pays. Half of the digits have fallen at 0.09: the caricature has the right order, no more.

(adv-enlarged)=
**A common slip.** "So a larger picture is more fragile." Not if it is only enlarged, every pixel to $3\times3$ equal ones. A score that shares each weight among nine copies keeps its value and its $\|w\|_1$, so [its distance](#eq-adv-distance). The $n$ of the rule counts numbers that vary on their own.
"""

# %% tags=["checks"]
fallen = np.interp(-0.5, -np.array(ten_steps), sizes)
caricature = stats.norm.ppf(0.75) * math.sqrt(math.pi / 2 / 64)
verify_at_most(
    "ε that leaves half of the digits, and 0.85 s/√64 of the caricature: factors of two between",
    abs(math.log2(fallen / (X_test.square().mean().sqrt() * caricature))),
    1.0,
)
verify_at_least(
    "accuracy that looking again takes away at ε = 0.1, 0.15",
    np.subtract(one_step, ten_steps)[2:4],
    0.02,
)
moved = pgd(plain, X_test, y_test, 0.15, seed=3)
verify(
    "ten steps from a random start: largest change of a pixel; smallest and largest grey value",
    [(moved - X_test).abs().max(), moved.min(), moved.max()],
    [0.15, 0.0, 1.0],
    atol=1e-12,
)
few_w, few_x = torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(2))
enlarge = lambda x: torch.kron(x.reshape(-1, 8, 8), torch.ones(1, 3, 3)).flatten(1)
verify(
    "weights shared among nine copies: distance to the boundary as before",
    (enlarge(few_w / 9) * enlarge(few_x)).sum(1) / enlarge(few_w / 9).abs().sum(1),
    (few_w * few_x).sum(1) / few_w.abs().sum(1),
    rtol=1e-9,
)
loss_of = lambda z: F.cross_entropy(plain(z), y_test, reduction="none")
direction = input_gradient(plain, X_test, y_test)
verify(
    "a step of 1e−7 along the signs gains 1e−7 times the 1-norm of the gradient",
    (loss_of(X_test + 1e-7 * direction.sign()) - loss_of(X_test)) / 1e-7,
    direction.abs().sum(1),
    atol=1e-3,
)

# %% [markdown]
r"""
**Try it.** Write the counterpart of FGSM for $\|\delta\|_2\le\alpha$, for a batch of gradients.
"""

# %% tags=["yours"]
adv_l2_step = ...  # a function of g (n, d) and alpha

exercise("adv-l2-step").check(adv_l2_step)

# %% [markdown]
r"""
<details><summary>Solution</summary>

By Cauchy and Schwarz, along the gradient.

```python
adv_l2_step = lambda g, alpha: alpha * g / g.norm(dim=1, keepdim=True)
```

</details>
"""

# %% [markdown]
r"""
(targeted-attack)=
## The smallest change

Turn the question round: what is the *smallest* change that makes a classifier $C$ say a class $t$ of our choice {cite:p}`szegedy2014`?

$$
\min_{x'}\|x-x'\|_2^2\quad\text{subject to}\quad C(x')=t,\quad x'\in[0,1]^n .
$$ (eq-adv-targeted)

The constraint has no useful gradient. So pay for it, with a price $c>0$ and a penalty $f$ that is lower where $t$ is more likely:

$$
\min_{\delta}\;\|\delta\|_2^2+c\,f(x+\delta),\qquad x+\delta\in[0,1]^n .
$$ (eq-adv-penalty)

Two penalties are in use: the cross-entropy $f=L(\cdot,t)$, and a hinge on the logits $Z$.

(carlini-wagner-attack)=
**The hinge** {cite:p}`carlini2017` charges for every class that is still ahead of $t$, until $t$ leads by $\kappa$, and from there on nothing:

$$
f(x')=\Bigl(\max_{i\ne t}Z(x')_i-Z(x')_t+\kappa\Bigr)^+,\qquad(a)^+=\max(a,0).
$$ (eq-adv-cw)

Follow it on paper. One other class, linear logits; the gap is $m-a^\top\delta$ with $m=2$, $a=(3,4)$, and $\kappa=0$. While the bracket is positive, the gradient is $2\delta-ca$, zero at $\delta=\frac c2a$: a step along the normal of the boundary. It wins when $a^\top\delta=\frac c2\|a\|^2\ge m$. For larger $c$ the minimum stays at the kink, on the boundary. So

$$
c^*=\frac{2m}{\|a\|_2^2}=\frac4{25},\qquad\delta^*=\frac m{\|a\|_2^2}\,a=(0.24,\,0.32),\qquad\|\delta^*\|_2=\frac m{\|a\|_2}=0.4,
$$ (eq-adv-linear-cw)

and 0.4 is exactly [the distance to the boundary](#eq-adv-distance). Any price above $c^*$ gives the same answer.

The cross-entropy works too, but never stops asking for more: with ten classes even its best price gives a change up to five per cent too long ([on the shelf](#adv-entropy-or-hinge)).
"""


# %%
def gap(Z, t):  # how far the best other class is ahead of t; ≤ 0 where t wins
    others = Z.masked_fill(F.one_hot(t, Z.shape[1]).bool(), -math.inf)
    return others.amax(1) - Z.gather(1, t[:, None])[:, 0]


# %%
def hinge(Z, t, kappa=0.0):
    return (gap(Z, t) + kappa).clamp(min=0)


def pay(net, x, t, c, f, steps=250, box=True):  # setting
    delta = torch.zeros_like(x, requires_grad=True)
    adam = torch.optim.Adam([delta], lr=0.03, betas=(0.5, 0.9))  # setting
    calm = torch.optim.lr_scheduler.ExponentialLR(adam, 0.01 ** (1 / steps))  # setting
    for _ in range(steps):
        adam.zero_grad()
        (delta.square().sum(1) + c * f(net(x + delta), t)).sum().backward()
        adam.step()
        calm.step()
        delta.data = (x + delta.data).clamp(0, 1) - x if box else delta.data
    return delta.detach()


# %% [markdown]
r"""
On the slider the network and one three, with the cross-entropy: at $c=0$ nothing moves, at 1,000 distance hardly counts.
"""

# %% tags=["picture"]
three = ((plain(X_test).argmax(1) == y_test) & (y_test == 3)).nonzero()[0, 0].item()
price_steps = [1.0, 0.0, 0.3, 1000.0]
entropy_penalty = lambda Z, t: F.cross_entropy(Z, t, reduction="none")
at_prices = pay(
    plain,
    X_test[three].repeat(4, 1),
    torch.full((4,), 4),
    torch.tensor(price_steps),
    entropy_penalty,
)
at_prices = dict(zip(price_steps, at_prices))


def price(c):
    fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.8))
    x, d = X_test[three], at_prices[c]
    picture(axes[0], x, "before: " + says(plain, x))
    picture(axes[1], d, f"δ, length {d.norm():.2f}", -0.5, 0.5)
    picture(axes[2], x + d, "after: " + says(plain, x + d))
    return fig


explore(
    price,
    alt="A three to be read as a four: picture before, perturbation and picture after, for prices c of the wrong class from nothing to a thousand",
    c=price_steps,
)

# %% tags=["checks"]
pair = lambda x: torch.stack([2 - x @ torch.tensor([3.0, 4.0]), torch.zeros(len(x))], 1)
at_origin, to_second = torch.zeros(1, 2), torch.tensor([1])
near_price = pay(
    pair,
    at_origin.repeat(2, 1),
    to_second.repeat(2),
    torch.tensor([0.97, 1.05]) * 4 / 25,
    hinge,
)
verify(
    "3 % below c*: the multiple c/2 of a, short of the boundary; 5 % above: δ*",
    near_price,
    2 / 25 * np.array([[0.97], [1.0]]) * [3.0, 4.0],
    rtol=0.01,
)
half_ahead = pay(pair, at_origin, to_second, 1.0, lambda Z, t: hinge(Z, t, 0.5))
verify(
    "with κ = ½ the target leads by ½",
    -gap(pair(half_ahead), to_second),
    [0.5],
    rtol=0.02,
)
by_price = torch.stack([at_prices[c] for c in sorted(at_prices)])
verify_at_least(
    "the slider's three: length of δ and probability of a four, gained from price to price",
    np.diff([by_price.norm(dim=1), plain(X_test[three] + by_price).softmax(1)[:, 4]]),
    0.05,
)

# %% [markdown]
r"""
**Try it.** Class 1 wins where $5x_1-12x_2>3$. You start at the origin. Which is the smallest price $c$ at which [the hinge](#eq-adv-cw) with $\kappa=0$ succeeds?
"""

# %% tags=["yours"]
adv_price = ...  # a number

exercise("adv-price").check(adv_price)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$c^*=2m/\|a\|^2$ with $m=3$ and $\|a\|^2=25+144$.

```python
adv_price = 6 / 169
```

</details>
"""

# %% [markdown]
r"""
(adv-first-suspect)=
## When an attack fails, suspect the attack

Somebody shows you a network that no gradient can fool. Is it robust? Here is one: the opening's, its logits multiplied by 1,000. Every answer is as before, so it is exactly as fragile. Guess what the attacks make of it.
"""


# %%
def masked(x):
    return 1000 * plain(x)


def gap_loss(net, x, y):  # the same in logits: no softmax, nothing to saturate
    return gap(net(x), y).sum()


# %% tags=["set-up"]
of_masked = {
    "clean": accuracy(masked, X_test),
    "ten steps on the cross-entropy": accuracy(
        masked, pgd(masked, X_test, y_test, 0.15)
    ),
    "1,000 coins for each digit": np.mean(
        [
            (
                masked((X_test[i] + 0.15 * coins((1000, 64), i)).clamp(0, 1)).argmax(1)
                == y_test[i]
            )
            .all()
            .item()
            for i in range(len(X_test))
        ]
    ),
    "ten steps on the logits' gap": accuracy(
        masked, pgd(masked, X_test, y_test, 0.15, loss=gap_loss)
    ),
}
print("accuracy of the masked network, ε = 0.15")
for name, value in of_masked.items():
    print(f"{name:34}{value:6.2f}")

# %% [markdown]
r"""
The cross-entropy attack leaves nearly all digits alone: with logits in the thousands the softmax is exactly 0 or 1 in floating point, and its gradient exactly zero. A thousand blind tosses of a coin do far better. The same ten steps on the *gap* of the logits do their work as if there were no factor, since a sign does not feel it.

A gradient that is gone is not a defence. Of nine white-box defences of one conference {cite:t}`athalye2018` found that seven had only hidden the gradient; six of these fell completely, one in part.

(attack-knowledge-levels)=
**What the attacker knows.** A *white-box* attacker has the model and may differentiate it. A *grey-box* attacker knows parts, such as the architecture or the training data. A *black-box* attacker can only ask: picture in, label out.

(transfer-attack-substitute)=
**Borrowed gradients.** One who can only ask trains a *substitute* on the target's answers, attacks that, and hands the result to the target {cite:p}`papernot2017`. Here the target knows the first half of the training digits; the attacker owns the other half, unlabelled, and the target's 700 answers. Two controls: a substitute that has learned nothing, and no network at all but the nearest of the ten mean pictures of the answers.
"""

# %% tags=["set-up"]
half_A, half_B = slice(0, 700), slice(700, 1400)  # the target's data; the attacker's
of_target = {}
for seed in range(3):
    target = train(rows=half_A, seed=seed)
    stolen_y = y.clone()  # 700 questions; no true label is used
    stolen_y[half_B] = target(X[half_B]).argmax(1)
    substitute = train(y=stolen_y, rows=half_B, width=16, seed=7 + seed)
    untrained = train(rows=half_B, width=16, seed=7 + seed, epochs=0)
    borrowed = pgd(substitute, X_test, y_test, 0.15)
    means = torch.stack([X[half_B][stolen_y[half_B] == k].mean(0) for k in range(10)])
    nearest_mean = lambda x: -torch.cdist(x, means).square()
    for words, new in (
        ("nothing (clean)", X_test),
        ("an untrained substitute", pgd(untrained, X_test, y_test, 0.15)),
        (
            "only to ask: the means of ten classes",
            pgd(nearest_mean, X_test, y_test, 0.15, loss=gap_loss),
        ),
        ("only to ask: the substitute's gradient", borrowed),
        ("everything: its own gradient", pgd(target, X_test, y_test, 0.15)),
    ):
        of_target.setdefault(words, []).append(accuracy(target, new))
knowledge = {words: np.array(v) for words, v in of_target.items()}
print("what the attacker has          accuracy left, ε = 0.15 (mean ± sd of 3 seeds)")
for words, v in knowledge.items():
    print(f"{words:44}{v.mean():6.2f} ± {v.std(ddof=1):.2f}")

# %% [markdown]
r"""
The attack *transfers*, and what is shared has been learned: the untrained substitute is worth next to nothing. But little of it needs a network. Ten mean pictures (attacked on the gap) do on average nearly nine tenths of the substitute's damage. {cite:t}`ilyas2019` argue that such directions are often real features of the data.
"""

# %% tags=["checks"]
verify_at_least(
    "masked network: accuracy left by the cross-entropy attack, over that left by the gap",
    of_masked["ten steps on the cross-entropy"]
    / of_masked["ten steps on the logits' gap"],
    4,
)
verify_at_least(
    "masked network: accuracy left by the gradient, over that left by blind coins",
    of_masked["ten steps on the cross-entropy"]
    / of_masked["1,000 coins for each digit"],
    1.3,
)
verify_at_least(
    "masked network: share of digits whose cross-entropy has the gradient zero",
    (input_gradient(masked, X_test, y_test) == 0).all(1).double().mean(),
    0.7,
)
left = np.array(list(knowledge.values()))  # (5, seeds)
verify_at_least(
    "taken from the target by the substitute and not by the untrained one; "
    "by its own gradient and not by the substitute",
    [left[1] - left[3], left[3] - left[4]],
    0.1,
)
verify_at_least(
    "damage by the means, over the substitute's, three seeds",
    (left[0] - left[2]) / (left[0] - left[3]),
    0.75,
)

# %% [markdown]
r"""
**Try it.** The opening's network gets a last step, `torch.round(100 * logits) / 100`, and FGSM does nothing to it. Give a function that returns attacked pictures, accuracy under 0.3, $\epsilon=0.15$, using the gradient of something you may compute.
"""

# %% tags=["yours"]
adv_rounded = ...  # a function of (x, y) that returns pictures

exercise("adv-rounded").check(adv_rounded)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Rounding has the derivative zero. Differentiate as if it were not there (or use the substitute).

```python
adv_rounded = lambda x, y: pgd(plain, x, y, 0.15)
```

</details>
"""

# %% [markdown]
r"""
(adversarial-training)=
## Let the attacker teach

The obvious defence: make the examples during training and give them the right label {cite:p}`goodfellow2015`, in full {cite:p}`madry2018`

$$
\min_\theta\;\mathbb E\max_{\|\delta\|_\infty\le\epsilon}L(x+\delta,y;\theta).
$$ (eq-adv-training)

How does one differentiate a maximum? Take $\ell(\theta)=\max(3\theta,\,1-\theta)$. At $\theta=1$ the first wins and the slope is 3: find the winner, hold it, differentiate it. That is Danskin's theorem: if the maximising $\delta$ is the only one, the gradient in $\theta$ with this $\delta$ held fixed is that of the maximum. PGD only offers a *candidate* for the maximiser.
"""


# %%
def on_attacks(net, x, y, done):
    attacked = pgd(net, x, y, 0.1, 5, seed=int(100 * done))  # setting
    return cross_entropy(net, attacked, y)


# %% [markdown]
r"""
Is it the attack that teaches? Two rivals never see one. *Small weights*: by [the distance](#eq-adv-distance) a small $\|w\|$ is a distant boundary, so add $0.01\,\|W\|^2$ for either layer to the loss. *Coins*: the opening's random noise, of size 0.4, for six times the epochs, because an attacked step costs six backpropagations. The 0.01 and the 0.4 left most standing at $\epsilon=0.1$, on these very digits, of three and five values tried, which favours the rivals.

Each network is then attacked three times, with ten steps on the cross-entropy or on the gap of the logits; nothing stronger was run.
"""


# %% tags=["set-up"]
def on_coins(size):
    dice = np.random.default_rng(0)

    def loss(net, x, y, done):
        bits = np.unpackbits(np.frombuffer(dice.bytes(x.numel() // 8), np.uint8))
        up = torch.tensor(bits).reshape(x.shape)
        noisy = (x - size).add_(up, alpha=2 * size).clamp_(0, 1)
        return cross_entropy(net, noisy, y)

    return loss


def on_small_weights(net, x, y, done):
    squares = net[0].weight.square().sum() + net[2].weight.square().sum()
    return cross_entropy(net, x, y) + 0.01 * x.shape[-2] * squares  # setting


def standing(net, eps):
    """Which test digits are right and stay right under three attacks of ten steps."""
    right = net(X_test).argmax(1) == y_test
    for seed, loss in ((None, cross_entropy), (1, gap_loss), (2, gap_loss)):
        right &= (
            net(pgd(net, X_test, y_test, eps, seed=seed, loss=loss)).argmax(1) == y_test
        )
    return right


share = lambda rows: rows.double().mean().item()
taught = {"plainly": plain_six} | {
    words: train_several(loss, X.float(), epochs=epochs)
    for words, loss, epochs in (
        ("to small weights", on_small_weights, 30),
        ("on coins of 0.4", on_coins(0.4), 180),  # as many backpropagations
        ("on attacks", on_attacks, 30),
    )
}
lessons = {  # accuracy clean, and at ε = 0.1: (6, 2)
    words: np.array([[accuracy(net, X_test), share(standing(net, 0.1))] for net in six])
    for words, six in taught.items()
}
print("accuracy left (mean ± sd of 6 seeds)    clean        ε = 0.1")
for words, table in lessons.items():
    print(
        f"trained {words:27}"
        + "".join(
            f"{m:7.3f} ± {s:.3f}" for m, s in zip(table.mean(0), table.std(0, ddof=1))
        )
    )
lead = (lessons["on attacks"] - lessons["on coins of 0.4"])[:, 1]
print(
    f"attacks minus coins (± standard error){lead.mean():18.3f} ± {stats.sem(lead):.3f}"
)

# %% tags=["picture"] mystnb={"image": {"classes": "photo", "alt": "Three rows of five slopes of the logits' gap with respect to the picture, below five digits. For the network trained plainly they look like noise all over the picture; for the one with small weights and the one trained on attacks they are smoother, leave the outer columns and mostly gather around the strokes."}}
fig, axes = plt.subplots(4, 5, figsize=(6.0, 4.9))
looked_at = [int((y_test == d).nonzero()[2]) for d in (0, 2, 3, 6, 7)]
sloped = ("plainly", "to small weights", "on attacks")
for column, i in zip(axes.T, looked_at):
    picture(column[0], X_test[i])
    for ax, words in zip(column[1:], sloped):
        g = input_gradient(
            taught[words][0], X_test[i : i + 1], y_test[i : i + 1], gap_loss
        )
        picture(ax, g, "", -g.abs().max(), g.abs().max())
for ax, words in zip(axes[:, 0], ("digit", "plainly", "small weights", "on attacks")):
    ax.set_ylabel(words)
plt.show()

# %% [markdown]
r"""
Much of the lesson needs no attacker. Small weights, at a sixth of the budget, win nearly three quarters of what attacks win, and big coins on the same budget more than four fifths. The chosen direction leads the coins by five points, give or take one. None of the three costs much more than one point of clean accuracy. Seeds differ by several points: a defence that is two points better on one seed has shown nothing.

In the picture the slope of the gap is scattered after plain training. After training on attacks it leaves the outer columns and mostly gathers around the strokes; small weights alone do much the same. (The outer columns are black in nearly all digits, so nothing in plain training holds their weights down.)
"""

# %% tags=["checks"]
mean_lessons = {words: table.mean(0) for words, table in lessons.items()}
verify_at_least(
    "accuracy left at ε = 0.1: on attacks minus plainly, each of six seeds",
    lessons["on attacks"][:, 1] - lessons["plainly"][:, 1],
    0.2,
)
rivals = ("to small weights", "on coins of 0.4")
verify_at_least(
    "won at ε = 0.1 over what the attacks won, means: small weights, coins",
    [
        ((mean_lessons[words] - mean_lessons["plainly"])[1])
        / (mean_lessons["on attacks"] - mean_lessons["plainly"])[1]
        for words in rivals
    ],
    [0.6, 0.7],
)
verify_at_least(
    "ε = 0.1: attacks minus coins, in standard errors of six pairs",
    stats.ttest_rel(lessons["on attacks"], lessons["on coins of 0.4"])[0][1],
    stats.t.ppf(0.975, 5),
)
verify_at_most(
    "clean accuracy lost: small weights, coins, attacks",
    [
        (mean_lessons["plainly"] - mean_lessons[words])[0]
        for words in (*rivals, "on attacks")
    ],
    0.02,
)
margin = torch.tensor([0, 7])  # the outer columns, empty in nearly all digits
slope_there = {}
for words in sloped:
    g = [
        input_gradient(net, X_test, y_test, gap_loss).square() for net in taught[words]
    ]
    slope_there[words] = [
        (v.reshape(-1, 8, 8)[..., margin].sum() / v.sum()).item() for v in g
    ]
verify_at_most(
    "share of the squared slope in the two outer columns, over plainly: small weights, attacks",
    [np.divide(slope_there[words], slope_there["plainly"]) for words in sloped[1:]],
    np.repeat([[0.05], [0.01]], 6, 1),
)
inside = lambda d: np.linspace(d - 0.5, d + 0.5, 1001)  # θ − δ for |δ| ≤ ½
worst_square = lambda theta: max(inside(theta) ** 2)
verify(
    "Danskin: slope of the maximum of (θ − δ)² over |δ| ≤ ½ at θ = 2",
    (worst_square(2.001) - worst_square(1.999)) / 0.002,
    2 * (2 + 0.5),
    rtol=1e-6,
)

# %% [markdown]
r"""
**Try it.** Let $\ell(\theta)=\max_{|\delta|\le1/2}(\theta-\delta)^2$. What is its slope at $\theta=-3$?
"""

# %% tags=["yours"]
adv_danskin = ...  # a number

exercise("adv-danskin").check(adv_danskin)

# %% [markdown]
r"""
<details><summary>Solution</summary>

At $\theta=-3$ the worst $\delta$ is $\frac12$. Hold it: the slope of $(\theta-\frac12)^2$ there is $2\cdot(-3.5)$.

```python
adv_danskin = -7.0
```

</details>
"""

# %% [markdown]
r"""
(adv-proof)=
## Proof

An attack can only ever show weakness: the accuracy it leaves is an *upper* bound of the robust accuracy. A lower bound has to hold for infinitely many $\delta$ at once.

**Carry the box along.** Two inputs, each between $-1$ and $1$, and the layer $u=(x_1+x_2,\;x_1-x_2)$. Each $u_i$ lies between $-2$ and $2$. But the image of the box is a diamond, and the box around it has twice the area. Of $u_1+u_2=2x_1$ the truth is at most 2, and the box says 4.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Left: a square of inputs. Right: its image under the layer, a diamond standing on its corner, inside a dotted square with twice its area; the corner of the square at (2, 2) is marked as a point that no input reaches."}}
square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
diamond = square @ np.array([[1, 1], [1, -1]]).T
fig, (left, right) = plt.subplots(1, 2, figsize=(6.0, 3.0), sharex=True, sharey=True)
left.fill(*square.T, color=plot.BLUE, alpha=0.35)
left.set(title="inputs", xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
right.fill(*diamond.T, color=plot.BLUE, alpha=0.35)
right.plot(*(2 * square).T, ":", color=plot.RED, lw=2)
right.plot(2, 2, "o", color=plot.RED)
right.annotate("nobody lives here", (2, 2), (-1.9, 2.35), color=plot.RED)
right.set(title="after the layer", xlabel="$u_1$", ylabel="$u_2$", aspect="equal")
right.set(xlim=(-2.9, 2.9), ylim=(-2.9, 2.9))
plt.show()

# %% [markdown]
r"""
In general: if $x'$ lies between $\mu-r$ and $\mu+r$ in every coordinate, then $Wx'+b$ lies between

$$
(W\mu+b)-|W|\,r\quad\text{and}\quad(W\mu+b)+|W|\,r ,
$$ (eq-adv-interval)

because the worst case takes the sign of each weight (FGSM once more). A monotone activation maps ends to ends. For one layer on a box each output's bound is exact by itself, all of them together are not; so from the second layer on the bounds are loose. In the last layer, therefore, bound the differences $z_y-z_j$ directly, with the weights $w_y-w_j$ {cite:p}`gowal2018`. If all nine stay positive, *no* perturbation within $\epsilon$ changes the class.

**Theorem.** For every network, every $\epsilon$ and every attack that stays in the box: certified accuracy $\le$ robust accuracy $\le$ accuracy under the attack. (A certified digit is right on the whole box; a digit right on the whole box is right where the attack ends.)
"""


# %%
def affine_box(low, high, W, b):  # the ends of Wx' + b
    mu, r = (low + high) / 2, (high - low) / 2
    centre, reach = mu @ W.mT + b, r @ W.abs().mT
    return centre - reach, centre + reach


def gaps_below(net, x, y, eps):  # a lower bound of z_y − z_j for every j: (n, 10)
    W, b, V, c = net.parameters()
    low, high = affine_box((x - eps).clamp(0, 1), (x + eps).clamp(0, 1), W, b)
    D, d = V[y][:, None] - V, c[y][:, None] - c  # (n, 10, 24), (n, 10)
    low, high = F.relu(low)[:, None], F.relu(high)[:, None]  # (n, 1, 24)
    return affine_box(low, high, D, d[:, None])[0][:, 0]


# %%
def on_bounds(net, x, y, done):  # the worst logits that the box allows; ε grows to 0.1
    return cross_entropy(lambda x: -gaps_below(net, x, y, 0.1 * min(1, 2 * done)), x, y)


# %% [markdown]
r"""
The bound can be differentiated too, so a third network is trained on it: same size, start and number of epochs, $\epsilon$ growing to 0.1.
"""

# %% tags=["set-up"]
nets = {
    "plainly": plain,
    "on attacks": taught["on attacks"][0],
    "on bounds": train(on_bounds),
}
EPS = np.array([0.02, 0.04, 0.07, 0.1, 0.2, 0.3])


def certified(net, eps):
    below = gaps_below(net, X_test, y_test, eps)
    return below.scatter(1, y_test[:, None], math.inf).amin(1) > 0


clean = {name: accuracy(net, X_test) for name, net in nets.items()}
attacked = {name: [share(standing(net, e)) for e in EPS] for name, net in nets.items()}
proved = {name: [share(certified(net, e)) for e in EPS] for name, net in nets.items()}
at_ten_percent = {name: values[3] for name, values in attacked.items()}  # EPS[3] = 0.1
print("trained       clean     under attack ε = 0.1    certified ε = 0.04    0.1")
for name in nets:
    a, p = (dict(zip(EPS, v[name])) for v in (attacked, proved))
    print(f"{name:12}{clean[name]:7.2f}{a[0.1]:25.2f}{p[0.04]:22.2f}{p[0.1]:7.2f}")

# %% tags=["picture"] mystnb={"image": {"alt": "Accuracy against epsilon in three panels, trained plainly, on attacks and on bounds: clean accuracy as a flat line, below it the accuracy under attack, below that the certificate. The grey gap between the last two is widest for training on attacks and narrowest for training on bounds."}}
fig, axes = plt.subplots(1, 3, figsize=(6.8, 3.0), sharey=True)
for ax, name in zip(axes, nets):
    ax.axhline(clean[name], color=plot.GREY, ls=":", label="clean")
    ax.plot(EPS, attacked[name], "o-", ms=4, color=plot.RED, label="attack")
    ax.plot(EPS, proved[name], "s-", ms=4, color=plot.BLUE, label="certified")
    ax.fill_between(EPS, proved[name], attacked[name], color=plot.GREY, alpha=0.2)
    ax.set(title=f"trained {name}", xlabel="ε", ylim=(-0.03, 1.03))
axes[0].set_ylabel("test accuracy")
axes[0].legend(loc="lower left", fontsize=8)
plt.show()

# %% [markdown]
r"""
The truth lies in the grey. Training on bounds lifts the blue line almost to the red, up to the 0.1 it was trained for, and costs two or three points of clean accuracy on this seed. For the other two networks the grey is enormous. At $\epsilon=0.1$ the bound vouches for hardly a digit of theirs, while the attack leaves two fifths and three quarters standing. Is the bound blind there, or the attack?
"""


# %% tags=["checks"]
def by_scalars(net, x, y, eps):
    """The same bound for one picture, one number at a time."""
    W, b, V, c = (p.numpy() for p in net.parameters())
    low, high = np.maximum(x - eps, 0), np.minimum(x + eps, 1)
    ends = np.stack([W * low, W * high])
    down = np.maximum(ends.min(0).sum(1) + b, 0)
    up = np.maximum(ends.max(0).sum(1) + b, 0)
    return [
        c[y] - c[j] + sum(min(w * d, w * u) for w, d, u in zip(V[y] - V[j], down, up))
        for j in range(10)
    ]


verify(
    "bounds by matrices: interval arithmetic one number at a time",
    gaps_below(plain, X_test[:3], y_test[:3], 0.07),
    np.array(
        [by_scalars(plain, X_test[i].numpy(), y_test[i].item(), 0.07) for i in range(3)]
    ),
    atol=1e-10,
)
worst_case = []
for net in nets.values():  # the attack goes for one j at a time
    bound = gaps_below(net, X_test[:40], y_test[:40], 0.06)
    for j in range(10):
        ahead = lambda net, x, y: (
            net(x)[:, j] - net(x).gather(1, y[:, None])[:, 0]
        ).sum()
        z = net(pgd(net, X_test[:40], y_test[:40], 0.06, loss=ahead))
        found = (z.gather(1, y_test[:40, None])[:, 0] - z[:, j] - bound[:, j])[
            y_test[:40] != j
        ]
        worst_case.append(found.min().item())
verify_at_least(
    "smallest gap found by 1,080 directed attacks, minus its bound",
    min(worst_case),
    0.0,
)
verify_at_least(
    "ε = 0.1: share certified, on bounds minus on attacks",
    proved["on bounds"][3] - proved["on attacks"][3],
    0.3,
)
verify_at_least(
    "clean accuracy lost by training on bounds: plainly minus on bounds",
    clean["plainly"] - clean["on bounds"],
    0.01,
)
in_dotted = np.random.default_rng(7).uniform(-2, 2, (2000, 2))
inputs = in_dotted @ np.linalg.inv([[1, 1], [1, -1]]).T
verify_within_se(
    "share of the box around the diamond that some input reaches",
    (abs(inputs).max(1) <= 1).astype(float),
    0.5,
)

# %% [markdown]
r"""
**Try it.** Bound $\tanh(Wx'+b)$ over $\|x'-x\|_\infty\le\epsilon$. Why is the bound exact for each output, though not for all together?
"""

# %% tags=["yours"]
adv_tanh_box = ...  # a function of W, b, x, eps that returns (low, high)

exercise("adv-tanh-box").check(adv_tanh_box)

# %% [markdown]
r"""
<details><summary>Solution</summary>

tanh is monotone. Each output has its own worst corner; a later layer that mixes outputs is bounded as if they could all be worst at once.

```python
def adv_tanh_box(W, b, x, eps):
    mean, radius = W @ x + b, eps * abs(W).sum(1)
    return np.tanh(mean - radius), np.tanh(mean + radius)
```

</details>
"""

# %% [markdown]
r"""
(headline-perturbation)=
## The headline: the truth in the grey

For a network as small as ours one can say. A ReLU is linear on either side of its kink; what is hard is only *which side* each hidden unit is on. Give every unit a switch $a\in\{0,1\}$. If its input $u$ surely lies in $[l,m]$ with $l<0<m$, then $h=\max(0,u)$ is the same as

$$
h\ge0,\qquad h\ge u,\qquad h\le m\,a,\qquad h\le u-l\,(1-a).
$$ (eq-adv-switch)

Try it: $a=1$ leaves $h=u\ge0$, and $a=0$ leaves $h=0\ge u$. The smallest $\epsilon$ for which some $x'$ in the box has $z_j\ge z_y$ is thus a linear problem with a few switches for each $j$. That is a *mixed-integer program*, and those have solvers that prove their answer {cite:p}`tjeng2019`. An attack supplies a radius beyond which nobody needs to search, [the interval bounds](#eq-adv-interval) in that radius the $l$ and $m$.

Eighteen problems: for each network the first six test digits that all three read correctly. For each we ask for the largest $\epsilon$ with a certificate, the exact one, and two at which an attack succeeds. The simple attack is ten steps on the cross-entropy. The strong one goes for each of the nine other classes in turn, with thirty steps on the logits, from two starts. Each gets the last result as its upper end, so exact $\le$ strong $\le$ simple by construction.
"""

# %% tags=["set-up"]
from scipy import sparse


def exact_smallest(net, x, y, radius):
    """Smallest ε ≤ radius that can change the class y of x, its x', and free switches."""
    W, b, V, c = (p.numpy() for p in net.parameters())
    low, high = np.clip(x - radius, 0, 1), np.clip(x + radius, 0, 1)
    l, m = (v.numpy() for v in affine_box(*map(torch.tensor, (low, high, W, b))))
    free = np.flatnonzero((l < 0) & (m > 0))
    h_low, h_high = np.maximum(l, 0), np.maximum(m, 0)
    width, k = len(b), len(free)
    # variables: x' (64), h (width), switches (k), ε
    zeros = lambda rows, cols: np.zeros((rows, cols))
    pixel, unit, one = np.eye(64), np.eye(width), np.ones((64, 1))
    rows = [
        (np.hstack([pixel, zeros(64, width + k), -one]), -np.inf, x),  # x' ≤ x + ε
        (np.hstack([pixel, zeros(64, width + k), one]), x, np.inf),  # x' ≥ x − ε
        (  # h ≥ u (= where u ≥ 0 surely)
            np.hstack([-W, unit, zeros(width, k + 1)]),
            np.where(m <= 0, -np.inf, b),
            np.where(l >= 0, b, np.inf),
        ),
        (  # h ≤ m a
            np.hstack([zeros(k, 64), unit[free], -np.diag(m[free]), zeros(k, 1)]),
            -np.inf,
            0,
        ),
        (  # h ≤ u − l (1 − a)
            np.hstack([-W[free], unit[free], -np.diag(l[free]), zeros(k, 1)]),
            -np.inf,
            b[free] - l[free],
        ),
    ]
    D, d = V - V[y], c - c[y]  # z_j − z_y = D h + d, at most `top`
    top = np.where(D > 0, D * h_high, D * h_low).sum(1) + d
    rise = (h_high - h_low) / (m - l)  # rise·u ≤ h ≤ rise·(u − l) + h_low, line by line
    A = (D * rise) @ W
    by_lines = np.where(A > 0, A * high, A * low).sum(1) + (D * rise) @ b + d
    top = np.minimum(top, by_lines + np.maximum(D, 0) @ (h_low - rise * l))
    best = radius, None
    for j in sorted(set(range(10)) - {int(y)}, key=lambda j: -top[j]):
        if top[j] < 0:
            continue  # j cannot win
        ahead = np.r_[np.zeros(64), D[j], np.zeros(k + 1)][None]
        found = optimize.milp(
            np.r_[np.zeros(64 + width + k), 1.0],
            constraints=[
                optimize.LinearConstraint(sparse.csr_array(A), *ends)
                for A, *ends in (*rows, (ahead, -d[j], np.inf))
                if len(A)
            ],
            integrality=np.r_[np.zeros(64 + width), np.ones(k), 0],
            bounds=optimize.Bounds(
                np.r_[low, h_low, np.zeros(k), 0],
                np.r_[high, h_high, np.ones(k), best[0]],
            ),
            options={"mip_rel_gap": 1e-5},
        )
        if found.x is not None:
            best = found.x[-1], found.x[:64]
    return *best, k


def bisect(succeeds, low, high, rounds=8):
    """Smallest radius (n,) between low and high at which `succeeds` turns true."""
    for _ in range(rounds):
        mid = (low + high) / 2
        won = succeeds(mid[:, None])
        low, high = torch.where(won, low, mid), torch.where(won, mid, high)
    return high


def strong_attack(net, x, y, eps, starts=2, steps=30):
    """Whether any of nine directed attacks from several starts turns x, row by row."""
    n, dice = len(x), torch.Generator().manual_seed(0)
    j = torch.arange(10).repeat(n * starts)
    rows = torch.arange(n).repeat_interleave(10).repeat(starts)
    start, e, own = x[rows], eps[rows], y[rows]
    now = start + e * (2 * torch.rand(start.shape, generator=dice) - 1)
    now[: 10 * n] = start[: 10 * n]
    low, high = (start - e).clamp(0, 1), (start + e).clamp(0, 1)
    select = F.one_hot(j, 10).double() - F.one_hot(own, 10)
    W, b, V, _ = net.parameters()
    ahead = select @ V  # its slope in the hidden units
    won = torch.zeros(n, dtype=torch.bool)
    for k in range(steps):
        step = e * 0.5 * (1 - k / steps) + e * 0.01
        now = now + step * ((ahead * (now @ W.T + b > 0)) @ W).sign()
        now = now.clamp(low, high)
    won[rows[net(now).argmax(1) != own]] = True
    return won


# %% tags=["set-up"]
grey_zone = {}
all_right = torch.stack([net(X_test).argmax(1) == y_test for net in nets.values()]).all(
    0
)
x, t = X_test[all_right][:6], y_test[all_right][:6]  # setting
for name, net in nets.items():
    unsafe = lambda e: gaps_below(net, x, t, e).scatter(1, t[:, None], 1).amin(1) <= 0
    unproved = bisect(unsafe, torch.zeros(6), torch.full((6,), 0.5))  # setting
    proof = unproved - 0.5 / 2**8  # the last radius with a certificate
    simple = bisect(
        lambda e: net(pgd(net, x, t, e)).argmax(1) != t, proof, proof + 0.5
    )  # setting
    strong = bisect(lambda e: strong_attack(net, x, t, e), proof, simple, 12)
    solved = [exact_smallest(net, *a, r) for *a, r in zip(x.numpy(), t, strong.numpy())]
    truth = np.array([s[0] for s in solved])
    grey_zone[name] = proof.numpy(), truth, strong.numpy(), simple.numpy(), solved

print(f"{'mean over six digits':26}trained:" + "".join(f"{name:>13}" for name in nets))
for row, words in enumerate(("certificate", "exact", "strong attack", "simple attack")):
    means = [zone[row].mean() for zone in grey_zone.values()]
    print(f"{words:34}" + "".join(f"{v:13.3f}" for v in means))
overstated = []
x, t = X_test[all_right][:100], y_test[all_right][:100]
for net in nets.values():
    found = bisect(
        lambda e: net(pgd(net, x, t, e)).argmax(1) != t,
        torch.zeros(100),
        torch.full((100,), 0.5),
        13,
    )
    best = bisect(lambda e: strong_attack(net, x, t, e), found / 2, found, 7)
    overstated.append(found / best)
print(
    f"{'simple over strong, 100 digits':34}"
    + "".join(f"{of.mean():13.3f}" for of in overstated)
)

# %%
headline(
    "The smallest perturbation, 18 problems: found by the strong attack, and exact",
    np.concatenate([zone[2] for zone in grey_zone.values()]),
    np.concatenate([zone[1] for zone in grey_zone.values()]),
    rtol=0.1,
)

# %% tags=["picture"] mystnb={"image": {"alt": "Three panels, one for each network, six digits each. A grey bar for every digit reaches from the certificate to the simple attack; a black stroke, the exact value, lies near the attack's end, except for one digit of the network trained on attacks, where it is far below. For the plain network the certificate is far below it, for the one trained on bounds close. Under each bar stand what the digit was and what the nearest change makes of it."}}
fig, axes = plt.subplots(1, 3, figsize=(6.8, 3.0), sharey=True)
for ax, (name, (proof, truth, strong, simple, solved)) in zip(axes, grey_zone.items()):
    at = np.arange(6)
    ax.bar(at, simple - proof, 0.7, bottom=proof, color=plot.GREY, alpha=0.3)
    ax.plot(at, proof, "^", color=plot.BLUE, ms=6, label="certificate")
    ax.plot(at, simple, "v", color=plot.RED, ms=6, label="simple attack")
    ax.plot(at, strong, "v", color=plot.RED, mfc="white", ms=6, label="strong attack")
    ax.plot(at, truth, "k_", ms=13, mew=2, label="exact")
    two = nets[name](torch.tensor(np.array([s[1] for s in solved]))).topk(2, 1).indices
    was = y_test[all_right][:6, None]
    new = two[two != was].tolist()  # at the boundary it ties with the truth
    names = [f"{a}\n→ {b}" for a, b in zip(was[:, 0].tolist(), new)]
    ax.set(title=f"trained {name}", xticks=at, xticklabels=names, ylim=(0, 0.4))
axes[0].set_ylabel("ε")
axes[0].legend(fontsize=7.5, loc="upper left")
plt.show()

# %% [markdown]
r"""
Look at the black strokes. On the first two networks nearly all sit on the strong attack: *the bound was blind*, by a factor of about two and a half on the mean of six digits.

For one digit of the network trained on attacks the simple attack overstates the truth by two fifths, a robustness that is not there. Is that the defence's doing? On a hundred digits, measured against the strong attack, it overstates on the mean by some 3 per cent for the plain one, 5 for this network, 6 for the one trained on bounds: not the attack training's doing alone. The strong attack comes within a few per cent on these 18.

The network trained on bounds has, on these six digits, a certificate at most about a fifth below the truth. That is what such training buys: *being able to know*. Exactness costs switches, each of which may double the work. In large networks the grey zone stays grey, and both ends have to be reported.
"""

# %% tags=["checks"]
small = train(width=3, epochs=20)
tiny_rows = (small(X_test).argmax(1) == y_test).nonzero()[:1, 0]


def by_patterns(net, x, y, radius):
    """Smallest ε by trying all 2³ patterns of active units and all nine classes."""
    W, b, V, c = (p.numpy() for p in net.parameters())
    best = math.inf
    for code in range(8):
        on = np.array([code >> k & 1 for k in range(3)])
        sign = np.where(on, -1, 1)[:, None]  # active: −(Wx + b) ≤ 0
        for j in set(range(10)) - {y}:
            lead = (V[y] - V[j]) * on  # z_y − z_j = lead·(Wx + b) + c_y − c_j ≤ 0
            A = np.vstack([sign * W, lead @ W, np.eye(64), -np.eye(64)])
            slack = np.r_[np.zeros(4), -np.ones(128)][:, None]
            h = np.r_[-sign[:, 0] * b, -lead @ b - c[y] + c[j], x, -x]
            lp = optimize.linprog(
                np.r_[np.zeros(64), 1],
                A_ub=np.hstack([A, slack]),
                b_ub=h,
                bounds=[(0, 1)] * 64 + [(0, radius)],
            )
            best = min(best, lp.fun) if lp.success else best
    return best


tiny = [(X_test[i].numpy(), y_test[i].item()) for i in tiny_rows]
verify(
    "a network of three units: the mixed-integer program and all 72 linear programs",
    [exact_smallest(small, *a, 0.5)[0] for a in tiny],
    [by_patterns(small, *a, 0.5) for a in tiny],
    rtol=1e-4,
)
nearest, top_two = [], []
for name, (_, truth, _, _, solved) in grey_zone.items():
    new = torch.tensor(np.array([s[1] for s in solved]))
    two = nets[name](new).topk(2, 1).values
    nearest.append((new - X_test[all_right][:6]).abs().amax(1).numpy() / truth)
    top_two.append((two[:, 0] - two[:, 1]).numpy())
verify(
    "the solver's pictures: their distance over its ε, and the tie between two classes",
    np.stack([np.concatenate(nearest), 1 + np.concatenate(top_two)]),
    np.ones((2, 18)),
    atol=1e-4,
)
certificate_share = [np.median(zone[0] / zone[1]) for zone in grey_zone.values()]
verify_at_least(
    "certificate over exact, median: on bounds over on attacks, and over plainly",
    certificate_share[2] / np.array(certificate_share[:2]),
    1.5,
)
verify_at_least(
    "trained on bounds: certificate over exact, each of six digits",
    grey_zone["on bounds"][0] / grey_zone["on bounds"][1],
    0.78,
)
verify_at_least(
    "plain network: exact over the certificate, means",
    grey_zone["plainly"][1].mean() / grey_zone["plainly"][0].mean(),
    2,
)
verify_at_least(
    "simple over strong attack on 100 digits, mean minus 1, each network",
    [r.mean() - 1 for r in overstated],
    0.02,
)
verify(
    "the same: plainly, on attacks, on bounds",
    [r.mean() - 1 for r in overstated],
    [0.03, 0.05, 0.06],
    atol=0.02,
)
verify_at_most(
    "the same stays below 2, where the search for the strong radius begins",
    [r.amax() for r in overstated],
    1.9,
)

# %% [markdown]
r"""
(live-attack)=
## Attack it yourself

The first two networks of [the headline](#headline-perturbation), and an attack that runs in this page: twenty signed steps on the gap of the logits. Choose a digit, a target and $\epsilon$; paint on it if you like. Three things to find: the smallest $\epsilon$ at which a zero becomes something else, for either network; for the 1 and the network trained plainly, a target that these steps do not reach at $\epsilon=0.2$, although *anything else* they do; and the shape of the changes: for which of the two does it mean something to you?
"""


# %% tags=["set-up"]
def rounded_net(name, net):
    """The weights as the page gets them, with four decimals."""
    W, b, V, c = (p.numpy().round(4).tolist() for p in net.parameters())
    return {"name": name, "W": W, "b": b, "V": V, "c": c}


page_data = {
    "nets": [
        rounded_net(f"trained {name}", nets[name]) for name in ("plainly", "on attacks")
    ],
    "digits": [
        (16 * X_test[all_right & (y_test == d)][1]).round().int().tolist()
        for d in range(10)
    ],
}


def live_attack(state):
    """What the page computes: attacked picture, logits before and after, per network."""
    x, results = torch.tensor(state["x"])[None], []
    own, target = state["label"], state["target"]
    for net in page_data["nets"]:
        W, b, V, c = (torch.tensor(net[k]) for k in "WbVc")
        logits = lambda x: F.relu(x @ W.T + b) @ V.T + c

        def lead(
            _, x, t
        ):  # of the best wrong class, or of the target over the best other
            return gap(logits(x), t).sum() * (1 if target < 0 else -1)

        t = torch.tensor([own if target < 0 else target])
        new = pgd(logits, x, t, state["eps"], state["steps"], loss=lead)
        results.append(
            [new[0].tolist(), logits(x)[0].tolist(), logits(new)[0].tolist()]
        )
    return results


def random_attack(rng):
    d = int(rng.integers(10))
    return {
        "x": [v / 16 for v in page_data["digits"][d]],
        "label": d,
        "target": int(rng.integers(-1, 10)),
        "eps": round(rng.uniform(0.01, 0.4), 3),
        "steps": int(rng.integers(2, 21)),
    }


# %% tags=["picture"]
def still_attack(state):
    fig, axes = plt.subplots(2, 3, figsize=(6.8, 4.2), width_ratios=[1, 1, 1.5])
    for row, net, (new, before, after) in zip(
        axes, page_data["nets"], live_attack(state)
    ):
        picture(row[0], new, net["name"])
        picture(row[1], np.subtract(new, state["x"]), "change", -0.3, 0.3)
        p = special.softmax(after)
        colours = [plot.BLUE if j == state["label"] else plot.RED for j in range(10)]
        row[2].bar(range(10), p, color=colours)
        row[2].set(xticks=range(10), ylim=(0, 1))
    return fig


opening_attack = {
    "x": [v / 16 for v in page_data["digits"][0]],
    "label": 0,
    "target": -1,
    "eps": 0.15,
    "steps": 20,
}
rng = np.random.default_rng(13)
live(
    "attack",
    page_data,
    still=still_attack(opening_attack),
    states=[random_attack(rng) for _ in range(20)],
    truth=live_attack,
    alt="A digit on which one can paint, a target and an allowance; below it, for a network trained plainly and one trained on attacks, the attacked picture, the change of each pixel and the probabilities before and after",
)

# %% tags=["checks"]
asked = {"x": [v / 16 for v in page_data["digits"][1]], "label": 1}
asked |= {"eps": 0.2, "steps": 20}
read_as = [
    np.argmax(live_attack(asked | {"target": j})[0][2]) for j in (-1, 0, *range(2, 10))
]
verify(
    "the 1, trained plainly, ε = 0.2: anything else is reached; are all nine targets?",
    [read_as[0] != 1, read_as[1:] == [0, *range(2, 10)]],
    [True, False],
)

# %% [markdown]
r"""
(generative-adversarial-network)=
(gan)=
## Two players

Now the other game, which builds instead of breaking. A forger never sees a real note; he learns only from what gives his own away, and the inspector learns from him. A *generator* $G$ turns noise $z\sim\mathcal N(0,I)$ into samples $G(z)$. Their density $p_g$ cannot be evaluated, so there is no likelihood to climb. Train a second network, the *discriminator* $D$, to tell them from data, and use what it learns {cite:p}`goodfellow2014`.

(gan-discriminator-score)=
Flip a coin; show $D$ a real point or a generated one. $D(x)\in(0,1)$ is its guess for the probability of *real*, and its score is a log-likelihood:

$$
\min_G\max_D\;V(D,G),\qquad V(D,G)=\mathbb E_{x\sim p_{\text{data}}}\log D(x)+\mathbb E_z\log\bigl(1-D(G(z))\bigr).
$$ (eq-adv-gan)

$V$ is minus twice the [binary cross-entropy](#binary-cross-entropy-loss) of a batch with equally many of both. The discriminator's training data come from its adversary; the generator sees no data at all, only the discriminator's gradient.

(gan-optimal-discriminator)=
**The best discriminator.** Three outcomes; the data have the probabilities $p=(\frac12,\frac14,\frac14)$, the generator makes $q=(\frac14,\frac14,\frac12)$. You see the first outcome. Of four real draws two are like that, of four generated ones one: real with probability $\frac23$. So $D^*=(\frac23,\frac12,\frac13)$.

In general $V=\sum_xp\log D+q\log(1-D)$, and $D$ may be chosen at every $x$ alone. With $h(a)=p\log a+q\log(1-a)$,

$$
h'(a)=\frac pa-\frac q{1-a}=0\iff p(1-a)=qa\iff a=\frac p{p+q},
$$

and $h''(a)=-\frac p{a^2}-\frac q{(1-a)^2}<0$ makes it the maximum.

**Theorem.** For a fixed $G$, $V(D,G)$ is largest at

$$
D^*(x)=\frac{p_{\text{data}}(x)}{p_{\text{data}}(x)+p_g(x)},\qquad\text{with logit}\quad\log\frac{p_{\text{data}}(x)}{p_g(x)} .
$$ (eq-adv-best-d)

The discriminator *measures the ratio of two densities* from samples alone. For $\mathcal N(1,1)$ against $\mathcal N(-1,1)$ the log-ratio is $2x$, and a logistic regression on samples finds it.
"""

# %% tags=["checks"]
rng = np.random.default_rng(5)
is_real = rng.random(200_000) < 0.5
drawn = rng.normal(np.where(is_real, 1.0, -1.0))
regression = LogisticRegression(C=1e6).fit(drawn[:, None], is_real)
verify(
    "N(1,1) against N(−1,1): logistic regression on 200,000 samples finds the logit 0 + 2x",
    np.r_[regression.intercept_ + 1, regression.coef_[0]],
    [1.0, 2.0],
    atol=0.04,
)
near_point = abs(drawn - 0.4) < 0.05
verify_within_se(
    "share of real points near x = 0.4",
    is_real[near_point].astype(float),
    special.expit(0.8),
)
P3, Q3 = np.array([2, 1, 1]) / 4, np.array([1, 1, 2]) / 4
best_reply = optimize.minimize(
    lambda a: P3 @ np.logaddexp(0, -a) + Q3 @ np.logaddexp(0, a), np.zeros(3), tol=1e-12
)
verify(
    "three outcomes: the best D by numerical search",
    special.expit(best_reply.x),
    np.array([2, 1.5, 1]) / 3,
    atol=1e-4,
)
logits = torch.randn(2, 300, generator=torch.Generator().manual_seed(1))
verify(
    "V of random logits is minus twice PyTorch's binary cross-entropy",
    np.log(special.expit(logits[0].numpy())).mean()
    + np.log(special.expit(-logits[1].numpy())).mean(),
    -2
    * F.binary_cross_entropy_with_logits(
        logits.ravel(), torch.cat([torch.ones(300), torch.zeros(300)])
    ),
    atol=1e-12,
)

# %% [markdown]
r"""
(gan-global-optimum)=
**The best generator.** Put $D^*$ in. With the mixture $m=\frac12(p+q)$ we have $\frac p{p+q}=\frac12\frac pm$, so

$$
V(D^*,G)=\sum_xp\log\frac p{2m}+q\log\frac q{2m}=\mathrm{KL}(p\,\|\,m)+\mathrm{KL}(q\,\|\,m)-2\log2=2\,\mathrm{JS}(p,q)-\log4 ,
$$ (eq-adv-js)

where $\mathrm{JS}=\frac12\mathrm{KL}(p\|m)+\frac12\mathrm{KL}(q\|m)$ is the *Jensen–Shannon divergence*: never negative, and zero only for $p=q$. In the example $V\approx-1.301$, a little above $-\log4\approx-1.386$.

**Theorem.** $\min_G\max_DV=-\log4$, attained exactly when $p_g=p_{\text{data}}$, where $D^*=\frac12$ everywhere.

That says where the optimum of players without limits is, not that anybody gets there. Slide the generator and see what the perfect discriminator makes of it.
"""


# %%
def best_score(p, q):  # V(D*, G) for densities on a grid of spacing 0.01
    return 0.01 * np.sum(special.xlogy(p, p / (p + q)) + special.xlogy(q, q / (p + q)))


# %% tags=["picture"]
line_grid = np.arange(-6, 8, 0.01)


def perfect_judge(mean):
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    p, q = stats.norm(2, 1).pdf(line_grid), stats.norm(mean, 1).pdf(line_grid)
    ax.plot(line_grid, p, color=plot.BLUE, label="data")
    ax.plot(line_grid, q, color=plot.RED, label="generator")
    ax.plot(line_grid, p / (p + q), color=plot.GREEN, label="$D^*$")
    js = (best_score(p, q) + math.log(4)) / 2
    ax.set(
        ylim=(0, 1.05), xlabel="$x$", title=f"JS = {js:.3f} of at most log 2 = 0.693"
    )
    ax.legend(loc="upper left")
    return fig


explore(
    perfect_judge,
    alt="Densities of the data and of a generator, with the optimal discriminator: a steep step while they are apart, flat at one half when they agree; the Jensen-Shannon divergence saturates when they are far apart",
    mean=[0.0, -3.0, 2.0],
)

# %% tags=["checks"]
ten_p, ten_q = np.random.default_rng(6).dirichlet(np.ones(10), 2)
by_scipy = [
    2
    * jensenshannon(stats.norm(2, 1).pdf(line_grid), stats.norm(m, 1).pdf(line_grid))
    ** 2
    - math.log(4)
    for m in (0, 1.5)
]
verify(
    "V(D*, G) = 2 JS − log 4 with the JS of SciPy: two pairs of Gaussians",
    [
        best_score(stats.norm(2, 1).pdf(line_grid), stats.norm(m, 1).pdf(line_grid))
        for m in (0, 1.5)
    ],
    by_scipy,
    atol=1e-4,
)
q_logits = torch.zeros(10, requires_grad=True)
descent = torch.optim.Adam([q_logits], lr=0.05)
for _ in range(400):
    q, p = torch.softmax(q_logits, 0), torch.tensor(ten_p)
    value = p @ (p / (p + q)).log() + q @ (q / (p + q)).log()
    descent.zero_grad()
    value.backward()
    descent.step()
verify("ten outcomes: descent on V(D*, ·) leads q to p", q, ten_p, atol=1e-3)
verify("where the value is −log 4", value, -math.log(4), atol=1e-5)

# %% [markdown]
r"""
**Try it.** The data are $\mathcal N(0,1)$, the generator makes $\mathcal N(0,4)$ (standard deviation 2). Give $D^*(x)$ as a sigmoid of a polynomial.
"""

# %% tags=["yours"]
adv_best_reply = ...  # a function of x

exercise("adv-best-reply").check(adv_best_reply)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The logit is $\log p-\log q=\log2-\frac{x^2}2+\frac{x^2}8$.

```python
adv_best_reply = lambda x: special.expit(np.log(2) - 3 * x**2 / 8)
```

</details>
"""

# %% [markdown]
r"""
(adv-ordinary-loop)=
## A GAN in fifteen lines

Here is the whole thing. `detach` stops $D$'s loss from reaching $G$; each player has an optimiser of its own. $G$'s loss, $-\log D(G(z))$ (why not $\log(1-D)$? [See below](#non-saturating-gan-loss)), keeps the graph through $D$, because $D$'s slope is all that $G$ ever learns.
"""


# %%
def train_gan(G, D, sample, codes, steps, watch, batch=128):  # setting
    opt_G = torch.optim.Adam(G.parameters(), 5e-3, (0.5, 0.9))  # setting
    opt_D = torch.optim.Adam(D.parameters(), 2e-2, (0.5, 0.9))  # setting
    for t in range(steps):
        real, fake = sample(batch), G(torch.randn(batch, codes))
        loss_D = -F.logsigmoid(D(real)).mean() - F.logsigmoid(-D(fake.detach())).mean()
        opt_D.zero_grad()
        loss_D.backward()  # −log D on real, −log(1 − D) on generated points
        opt_D.step()
        loss_G = -F.logsigmoid(D(fake)).mean()  # −log D
        opt_G.zero_grad()
        loss_G.backward()
        opt_G.step()
        watch(t)


# %% [markdown]
r"""
The first run is one-dimensional: data $\mathcal N(2,\frac14)$, a generator $G(z)=\mu+sz$ with two numbers to learn, and a discriminator with 16 hidden units. The dotted curve is the best $D$ against the generator of that moment.
"""

# %% tags=["set-up"]
FRAMES = [100, 0, 200, 799]


def play_line():
    """Mean and width of the generator at every step, D at the FRAMES."""
    torch.manual_seed(0)
    G = nn.Linear(1, 1)  # μ + sz
    D = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1))
    nn.init.ones_(G.weight)
    nn.init.zeros_(G.bias)
    path, kept = [], {}

    def note(t):
        path.append((G.bias.item(), abs(G.weight.item())))
        if t in FRAMES:
            with torch.no_grad():
                kept[t] = torch.sigmoid(D(torch.linspace(-3, 5, 200)[:, None]))[:, 0]

    train_gan(G, D, lambda n: 2 + 0.5 * torch.randn(n, 1), 1, 800, note)
    return np.array(path), kept  # (steps, mean and width)


path, kept = play_line()
print("generator          mean         width    (± standard deviation on the way)")
for a, b in ((200, 400), (400, 600), (600, 800)):
    (m, w), (dm, dw) = path[a:b].mean(0), path[a:b].std(0)
    print(f"steps {a} to {b}  {m:.2f} ± {dm:.2f}  {w:.2f} ± {dw:.2f}")


# %% tags=["picture"]
def duel(step):
    at, (mean, width) = np.linspace(-3, 5, 200), path[step]
    p, q = stats.norm(2, 0.5).pdf(at), stats.norm(mean, width).pdf(at)
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    ax.plot(at, p, color=plot.BLUE, label="data")
    ax.plot(at, q, color=plot.RED, label="generator")
    ax.plot(at, kept[step], color=plot.GREEN, label="D, trained")
    ax.plot(at, p / (p + q), ":", color=plot.GREEN, label="D, optimal")
    ax.set(ylim=(0, 2.2), xlabel="$x$", title=f"mean {mean:.2f}, width {width:.2f}")
    ax.legend(loc="upper left", fontsize=8)
    return fig


explore(
    duel,
    alt="Density of the data and of the generator, which wanders onto it, narrow on the way; the trained discriminator falls from a step to about one half where the densities are",
    step=FRAMES,
)

# %% [markdown]
r"""
On its way the generator shrinks nearly to a point; arrived at the data it widens, and then does not rest. Is that the game, or only the noise of the batches? This run does not tell. So look at the game alone.
"""

# %% [markdown]
r"""
(gan-minimax)=
(gan-saddle-point-optimization)=
## Playing it

A minimum of a maximum would ask to train $D$ to the end after every step of $G$. The loop above did not. Both took one gradient step in turn, one down, one up:

$$
\theta_{t+1}=\theta_t-\eta\,\partial_\theta\ell(\theta_t,\phi_t),\qquad\phi_{t+1}=\phi_t+\eta\,\partial_\phi\ell(\theta_{t+1},\phi_t).
$$ (eq-adv-alternate)

Is that safe? Try the smallest game there is, $\ell=\theta\phi$. Its equilibrium is $(0,0)$. Start at $(1,0)$ with $\eta=\frac12$, both players stepping *at once*: $(1,0)\to(1,\frac12)\to(\frac34,1)\to(\frac14,\frac{11}8)$. They circle, and further out each time: the squared radius becomes

$$
(\theta-\eta\phi)^2+(\phi+\eta\theta)^2=(1+\eta^2)(\theta^2+\phi^2),
$$ (eq-adv-spiral)

a spiral outwards for every $\eta>0$. Stepping *in turn* is the map $\begin{pmatrix}1&-\eta\\\eta&1-\eta^2\end{pmatrix}$: determinant 1, trace $2-\eta^2$, so for $\eta<2$ both eigenvalues lie on the unit circle. It keeps $\theta^2+\phi^2-\eta\,\theta\phi$ constant, an ellipse for ever. *Extragradient* {cite:p}`korpelevich1976` looks one step ahead and uses the gradient from there. Its map is $(1-\eta^2)I-\eta J$ with a quarter turn $J$, so the radius is multiplied by $\sqrt{1-\eta^2+\eta^4}$ a step, less than 1 for $0<\eta<1$.

The next game is a GAN: all data at 0, one generated point at $\theta$, and $D=\sigma(\psi x)$, so $V=-\log2-\log(1+e^{\psi\theta})$ {cite:p}`mescheder2018`. A fourth rule belongs to it. Let $D$ pay for steepness where the data are, $\frac\gamma2\psi^2$: the *gradient penalty* ($\gamma=0.3$ in the picture). In small steps $\dot\theta=\sigma\psi$ and $\dot\psi=-\sigma\theta-\gamma\psi$ with $\sigma=\sigma(\psi\theta)$, so

$$
\frac d{dt}(\theta^2+\psi^2)=2\theta\sigma\psi-2\psi\sigma\theta-2\gamma\psi^2=-2\gamma\psi^2 :
$$ (eq-adv-damped)

without a penalty a circle for ever; with it the radius falls as long as $\psi\ne0$, and $\psi$ can stay at 0 only where $\theta=0$.
"""


# %%
def dirac(theta, psi, gamma=0.0):  # slopes of V − γψ²/2
    s = 1 / (1 + math.exp(-psi * theta))
    return -s * psi, -s * theta - gamma * psi


def play(slopes, eta, steps, rule, at=(1.0, 0.0)):
    path = [at]
    for _ in range(steps):
        (a, b), (da, db) = path[-1], slopes(*path[-1])
        if rule == "in turn":
            db = slopes(a - eta * da, b)[1]
        if rule == "extragradient":
            da, db = slopes(a - eta * da, b + eta * db)
        path.append((a - eta * da, b + eta * db))
    return np.array(path)  # (steps + 1, 2)


# %% tags=["picture"]
def game(eta):
    fig, axes = plt.subplots(1, 4, figsize=(6.8, 2.3), sharex=True, sharey=True)
    for ax, rule in zip(axes, ("at once", "in turn", "extragradient", "penalty")):
        gamma = 0.3 if rule == "penalty" else 0.0
        way = play(
            lambda a, b: dirac(a, b, gamma), eta, 400, "in turn" if gamma else rule
        )
        ax.plot(*way.T, color=plot.RED, lw=1)
        ax.plot(*way[0], "o", color=plot.BLUE)
        ax.plot(0, 0, "+", ms=10, color=plot.GREY)
        ax.plot(*way.mean(0), "x", ms=6, color=plot.GREEN)
        ax.set(title=rule, xlabel="generator θ", xlim=(-2.5, 2.5), ylim=(-2.5, 2.5))
    axes[0].set_ylabel("discriminator ψ")
    return fig


explore(
    game,
    alt="Paths of generator and discriminator in the smallest GAN under four rules: outward spiral, closed loop, inward spiral, and a quick inward spiral with the penalty; the first wider for larger steps, at one half out of the frame",
    eta=[0.2, 0.05, 0.5],
)

# %% [markdown]
r"""
So the usual alternation is a heuristic. In the smallest GAN it circles (at $\eta=\frac12$ slowly outwards); its mean over many rounds (green; at $\eta=0.05$ there are not yet two) is near the goal, one reason to average weights. Extragradient and the penalty go there.
"""

# %% tags=["checks"]
bilinear = lambda theta, phi: (phi, theta)
radius = lambda way: np.hypot(*way.T)
for_steps = (0.05, 0.3)
verify(
    "θφ, growth over 500 steps at two rates: at once, and extragradient",
    [
        [
            math.log(radius(play(bilinear, eta, 500, rule))[-1]) / 500
            for eta in for_steps
        ]
        for rule in ("at once", "extragradient")
    ],
    [
        [math.log(1 + eta**2) / 2 for eta in for_steps],
        [math.log(1 - eta**2 + eta**4) / 2 for eta in for_steps],
    ],
    atol=1e-12,
)
around = play(bilinear, 0.3, 1000, "in turn")
verify(
    "θφ in turn: the ellipse is kept for 1,000 steps",
    around[:, 0] ** 2 + around[:, 1] ** 2 - 0.3 * around[:, 0] * around[:, 1],
    np.ones(1001),
    atol=1e-9,
)
psi_t, theta_t = torch.tensor([-1.2, 0.7], requires_grad=True)
V_dirac = -math.log(2) - torch.log1p(torch.exp(psi_t * theta_t)) - 0.15 * psi_t**2
by_torch = torch.autograd.grad(V_dirac, (theta_t, psi_t))
verify(
    "slopes of the smallest GAN, by automatic differentiation",
    dirac(0.7, -1.2, 0.3),
    torch.stack(by_torch),
    atol=1e-12,
)
long_way = play(dirac, 0.5, 20_000, "in turn")
verify_at_least(
    "smallest GAN in turn, η = ½: largest radius, steps 19,800 to 20,000 over 0 to 200",
    radius(long_way)[-200:].max() / radius(long_way)[:200].max(),
    1.1,
)
verify_at_most(
    "its mean over the first 2,000 steps, distance from the goal",
    np.hypot(*long_way[:2000].mean(0)),
    0.05,
)
tight = radius(play(dirac, 0.1, 500, "at once", at=(1e-4, 0.0)))
verify(
    "close to rest it is the game θφ at half the rate: growth per step, at once",
    math.log(tight[-1] / tight[0]) / 500,
    math.log(1 + 0.05**2) / 2,
    rtol=1e-3,
)
inch = play(lambda a, b: dirac(a, b, 0.3), 1e-6, 1, "at once", at=(0.7, -1.2))
verify(
    "with the penalty: change of the squared radius per unit of time, small step",
    np.diff(radius(inch) ** 2) / 1e-6,
    [-2 * 0.3 * 1.2**2],
    rtol=1e-4,
)
held = radius(play(lambda a, b: dirac(a, b, 0.3), 0.1, 500, "at once", at=(1e-4, 0.0)))
slow_root = np.linalg.eigvals(np.eye(2) + 0.1 * np.array([[0, 0.5], [-0.5, -0.3]]))
verify(
    "with the penalty: decay per step, against the eigenvalues of the linear map",
    math.log(held[500] / held[100]) / 400,
    math.log(abs(slow_root).max()),
    rtol=0.1,
)

# %% [markdown]
r"""
**Try it.** In the game $\theta\phi$ with steps at once, after how many steps (not necessarily a whole number) has the radius doubled?
"""

# %% tags=["yours"]
adv_doubling = ...  # a function of eta

exercise("adv-doubling").check(adv_doubling)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$(1+\eta^2)^{t/2}=2$.

```python
adv_doubling = lambda eta: 2 * np.log(2) / np.log(1 + eta**2)
```

</details>
"""

# %% [markdown]
r"""
(non-saturating-gan-loss)=
## When the discriminator is too good

At the start any $D$ tells the two apart; its logit on generated points is $a\ll0$. What does $G$ learn then? With $D=\sigma(a)$,

$$
\frac d{da}\log\bigl(1-\sigma(a)\bigr)=-\sigma(a)\approx0,\qquad\frac d{da}\log\sigma(a)=1-\sigma(a)\approx1 .
$$ (eq-adv-saturate)

At $a=-10$ the first slope is $-0.00005$, the second $0.99995$. A forger who is caught every time learns nothing from *caught*. So let $G$ *maximise* $\log D(G(z))$ instead; this is the *non-saturating* loss, and the usual one.

**Against the best discriminator.** Data $\mathcal N(\mu,1)$, generator $\theta+z$, distance $\Delta=\mu-\theta$. The logit of $D^*$ is $a(x)=\Delta\,(x-\frac{\mu+\theta}2)$, with slope $\Delta$ in $x$. So the generator is pushed by $\Delta\,\mathbb E\,\sigma(a)$ under the first loss and by $\Delta\,\mathbb E(1-\sigma(a))$ under the second. From $\Delta=8$, step 0.05:
"""


# %%
def push(delta, saturating):
    z = np.linspace(-10, 10, 1001)  # setting
    w = 0.02 * stats.norm.pdf(z)  # weights: what counts may lie far out
    a = delta * (z - delta / 2)  # logits of D* on the generated points
    return delta * w @ (special.expit(a) if saturating else special.expit(-a))


def chase(saturating, delta, steps, eta=0.05):
    for _ in range(steps):
        delta = delta - eta * push(delta, saturating)
    return delta


# %% tags=["set-up"]
print("distance, from 8, after        10 steps   100 steps   500 steps")
for words, flat in (("log(1 − D)", True), ("−log D", False)):
    print(
        f"{words:27}" + "".join(f"{chase(flat, 8.0, n):12.4f}" for n in (10, 100, 500))
    )

# %% [markdown]
r"""
After 500 steps the first has moved by 0.01; the second is there.

(adv-fixed-points)=
**Are the two the same game?** Both push $a$ upwards, and at $p_g=p_{\text{data}}$ both rest. But a generator that *cannot* reach the data has to compromise. Let the data have two bumps, $0.7\,\mathcal N(-1,\frac14)+0.3\,\mathcal N(2.5,\frac14)$, and the generator one, $\mathcal N(\theta,1)$. Where does it come to rest, against the perfect $D^*$? The push on $\theta$ is $\mathbb E\,\sigma(a)\,a'$ or $\mathbb E(1-\sigma(a))\,a'$ at the generated points.
"""


# %%
two_bumps = lambda x: (
    0.7 * stats.norm.pdf(x, -1, 0.5) + 0.3 * stats.norm.pdf(x, 2.5, 0.5)
)


def push_on_mean(theta, saturating):
    x = theta + stats.norm.ppf((np.arange(2000) + 0.5) / 2000)  # setting
    logit = lambda x: np.log(two_bumps(x)) - stats.norm.logpdf(x, theta)
    slope = (logit(x + 1e-4) - logit(x - 1e-4)) / 2e-4  # setting
    return np.mean(slope * special.expit(logit(x) if saturating else -logit(x)))


# %% tags=["picture"] mystnb={"image": {"alt": "Left: the density of the data with a large bump at minus one and a small one at two and a half. Right: the push on the generator's mean against its place. The grey curve of log of one minus D crosses zero downwards once, near the large bump; the red curve of minus log D crosses it downwards twice, near either bump."}}
places = np.linspace(-3, 4.5, 51)
pushes = {
    flat: np.array([push_on_mean(t, flat) for t in places]) for flat in (True, False)
}
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8))
left.plot(places, two_bumps(places), color=plot.BLUE)
left.set(xlabel="$x$", title="data")
right.plot(places, pushes[True], color=plot.GREY, label="log(1 − D)")
right.plot(places, pushes[False], color=plot.RED, label="−log D")
right.axhline(0, color="black", lw=0.8)
right.set(xlabel="place θ of the generator", title="push to the right", ylim=(-3, 3))
right.legend()
plt.show()

# %% [markdown]
r"""
Where a curve crosses zero downwards, the generator rests. The minimax loss has one such place here, near the large bump, where JS is smallest. The non-saturating loss has two: a generator that starts on the right settles on the small bump and stays.

Why two? At $D^*$ we have $-\log D^*=\log\frac{1-D^*}{D^*}-\log(1-D^*)$. The mean of the first term over generated points is $\mathbb E_q\log\frac qp=\mathrm{KL}(q\,\|\,p)$. The second is the minimax loss, which descends $2\,\mathrm{JS}$, with its sign turned. (Holding $D^*$ while $\theta$ moves changes neither slope: for the first because $\mathbb E_q\,\partial_\theta\log q=0$, for the second by [Danskin](#adversarial-training).) So the non-saturating loss descends {cite:p}`arjovsky2017principled`

$$
\mathrm{KL}(q\,\|\,p)-2\,\mathrm{JS}(p,q):
$$ (eq-adv-reverse)

it punishes samples where there are no data, and is paid for staying apart. In this game the loss that learns faster also forgives dropping most of the data.
"""

# %% tags=["checks"]
a_three = torch.tensor([-10.0, 0.0, 3.0], requires_grad=True)
slopes_by_torch = [
    torch.autograd.grad(f(a_three).sum(), a_three)[0]
    for f in (
        lambda a: torch.log(1 - torch.sigmoid(a)),
        lambda a: torch.log(torch.sigmoid(a)),
    )
]
verify(
    "slopes of log(1 − D) and log D in the logit: −σ and 1 − σ",
    torch.stack(slopes_by_torch),
    np.stack([-special.expit([-10.0, 0, 3]), special.expit([10.0, 0, -3])]),
    atol=1e-9,
)
verify(
    "from distance 8, D certain: the distance after ten steps of −log D",
    chase(False, 8.0, 10),
    8 * 0.95**10,
    rtol=3e-3,
)
verify("the same of log(1 − D): it has not moved", chase(True, 8.0, 10), 8.0, rtol=1e-3)
verify(
    "push of log(1 − D) at distance 8, by adaptive quadrature",
    push(8.0, True),
    integrate.quad(
        lambda z: 8 * special.expit(8 * (z - 4)) * stats.norm.pdf(z), 0, 12, points=[4]
    )[0],
    rtol=1e-6,
)


def js_to_bumps(theta):
    x = np.linspace(-8, 9, 8001)
    return jensenshannon(two_bumps(x), stats.norm(theta, 1).pdf(x)) ** 2


rests = [[optimize.brentq(lambda t: push_on_mean(t, True), -2, 0)]]
rests += [
    [
        optimize.brentq(lambda t: push_on_mean(t, False), *ab)
        for ab in ((-2, 0), (0, 1.5), (1.5, 4))
    ]
]
verify(
    "log(1 − D) rests where JS has its minimum",
    rests[0][0],
    optimize.minimize_scalar(js_to_bumps, bounds=(-3, 4), method="bounded").x,
    atol=0.01,
)
fine = np.linspace(-12, 14, 26_001)


def reverse_score(theta):  # KL(q‖p) − 2 JS, on a grid that knows no D
    q, log_p = stats.norm(theta, 1).pdf(fine), np.log(two_bumps(fine))
    kl = 0.001 * q @ (stats.norm(theta, 1).logpdf(fine) - log_p)
    return kl - 2 * jensenshannon(two_bumps(fine), q) ** 2


verify(
    "push of −log D: minus the slope of KL(q‖p) − 2 JS, at four places",
    [push_on_mean(t, False) for t in (-2, 0, 1.3, 3)],
    [
        (reverse_score(t - 1e-3) - reverse_score(t + 1e-3)) / 2e-3
        for t in (-2, 0, 1.3, 3)
    ],
    rtol=1e-3,
)
turns = lambda flat: int((np.diff(np.sign(pushes[flat])) != 0).sum())
verify(
    "places where the push is zero: log(1 − D), −log D",
    [turns(True), turns(False)],
    [1, 3],
)
verify_at_least(
    "JS at the second resting place of −log D, over that at the first",
    js_to_bumps(rests[1][2]) / js_to_bumps(rests[1][0]),
    1.5,
)

# %% [markdown]
r"""
**Try it.** By which factor is the slope of $-\log D$ in the logit $a$ larger (in size) than that of $\log(1-D)$? Simplify.
"""

# %% tags=["yours"]
adv_two_slopes = ...  # a function of a

exercise("adv-two-slopes").check(adv_two_slopes)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac{1-\sigma(a)}{\sigma(a)}=e^{-a}$: at $a=-10$ twenty-two thousand.

```python
adv_two_slopes = lambda a: np.exp(-a)
```

</details>
"""

# %% [markdown]
r"""
(mode-collapse)=
## Modes

Nothing in $G$'s loss asks for variety. If one plausible output fools $D$ for now, all codes may map to it; $D$ learns to reject it, and $G$ moves on (the narrow generator of [the first run](#adv-ordinary-loop) is a hint of that). *Mode collapse*: the generator covers a few modes of the data and drops the others.

The classical test is a ring of eight narrow Gaussians. How many of them got fifty of 2,000 samples? Counting alone credits even a shapeless noisy ring with most, so the table shows the share of samples within three standard deviations of a centre, too.

Four seeds, each played twice from the same weights, on the same batches and codes: plainly, and with the penalty that calmed [the smallest GAN](#gan-minimax). Here it is $\frac\gamma2\,\mathbb E\,\|\nabla_xa\|^2$ for the logit $a$ of $D$ on the data, with $\gamma=0.03$. `play_many` is the same loop for many games, with equal rates for both players and averaged weights.
"""

# %% tags=["set-up"]
corner = torch.arange(8) * (math.pi / 4)
CENTRES = 2 * torch.stack([corner.cos(), corner.sin()], 1).float()  # (8, 2)


def layers(sizes, S, gen):
    """Weights of S networks with He's initialisation, zero biases, in single precision."""
    return [
        w
        for i, o in zip(sizes, sizes[1:])
        for w in (
            torch.randn(S, i, o, generator=gen, dtype=torch.float32) * (2 / i) ** 0.5,
            torch.zeros(S, 1, o, dtype=torch.float32),
        )
    ]


def times(a, b):
    """a @ b for stacks of matrices, faster where a size is one."""
    if a.shape[2] == 1:
        return a * b
    return torch.bmm(a, b) if b.shape[2] > 1 else (a * b.mT).sum(2, keepdim=True)


def run(net, x, inputs=None):  # (S, batch, d); notes what enters each layer
    for i in range(0, len(net), 2):
        x = F.relu(x) if i else x
        if inputs is not None:
            inputs.append(x)
        x = times(x, net[i]).add_(net[i + 1])
    return x


where_on = torch.ops.aten.threshold_backward  # (s, h, 0): s where h > 0, else 0


def back(net, s, inputs):
    """Backpropagation by hand: the slopes at each layer's end, from s at the last."""
    ends = [s]
    for w, h in zip(net[-2:0:-2], inputs[:0:-1]):
        ends.insert(0, where_on(times(ends[0], w.mT), h, 0))
    return ends


def in_weights(inputs, ends):
    return [
        g
        for x, d in zip(inputs, ends)
        for g in (times(x.mT, d), d.sum(1, keepdim=True))
    ]


SLOPES = {  # of the generator's loss in the logit of D, by the logit's sigmoid
    "−log D": lambda sigma: sigma - 1,
    "log(1 − D)": lambda sigma: -sigma,
    "Wasserstein": lambda sigma: -torch.ones_like(sigma),
}


def slopes_of_G(G, D, codes, kinds):
    """Slopes of G's loss in G's weights, the kinds in equal shares of the games."""
    inputs_G, inputs_D = [], []
    sigma = run(D, run(G, codes, inputs_G), inputs_D).sigmoid()
    shares = zip(kinds, sigma.chunk(len(kinds)))
    s = torch.cat([SLOPES[kind](share) for kind, share in shares]) / codes.shape[1]
    in_x = times(back(D, s, inputs_D)[0], D[0].mT)
    return in_weights(inputs_G, back(G, in_x, inputs_G))


def slopes_of_D(D, real, fake, penalty=None, mix=None):
    """Slopes of D's loss and its penalty in D's weights; with mix, of a critic's."""
    n, inputs = real.shape[1], []
    a = run(D, torch.cat([real, fake], 1), inputs)
    s = torch.sigmoid(a) if mix is None else torch.ones_like(a)
    s[:, :n] -= 1 if mix is None else 2
    slopes = in_weights(inputs, back(D, s / n, inputs))
    if penalty is not None:
        last = len(penalty)  # so many games pay it
        D, inputs = [w[-last:] for w in D], [x[-last:, :n] for x in inputs]
        if mix is not None:
            inputs = []
            run(D, mix, inputs)
        ends = back(D, torch.ones_like(inputs[0][..., :1]), inputs)
        g = times(ends[0], D[0].mT)  # D's slope in x, linear in each layer's weights
        if mix is not None:  # the excess of its size over 1, squared
            g = 2 * g * (1 - 1 / g.norm(dim=2, keepdim=True)).clamp(min=0)
        g = g * penalty[..., None] / n
        for k, d in enumerate(ends):
            g = where_on(times(g, D[2 * k - 2]), inputs[k], 0) if k else g
            slopes[2 * k][-last:] += times(g.mT, d)
    return slopes


@torch.no_grad()
def play_many(
    G,
    D,
    sample,
    codes,
    steps,
    rate,
    kinds=("−log D",),
    penalty=None,
    twins=1,
    critic=1,
    faster=1,
):
    """The loop of `train_gan` for S games at once; returns the averaged generators.

    kinds: the loss of G, in equal shares of the games; "Wasserstein" only alone.
    penalty (s, 1), for the last s games: weight γ of ½‖slope of D‖² on the data; of a
    Wasserstein critic's excess slope. Twins see the same data and the same codes; D takes `critic` steps
    for each step of G, at `faster` times its rate.
    """
    gen, S = torch.Generator().manual_seed(0), len(G[0])
    noise = lambda: torch.randn(
        S // twins, 64, codes, generator=gen, dtype=torch.float32
    ).repeat(twins, 1, 1)
    opt_G, opt_D = Adam(G, rate, 0.5, 0.9), Adam(D, faster * rate, 0.5, 0.9)
    mean, mix = [w.clone() for w in G], None
    for turn in range(1, steps * critic + 1):
        real = sample(gen).repeat(twins, 1, 1)
        codes_now = noise()
        fake = run(G, codes_now)
        if kinds[0] == "Wasserstein":  # slopes are watched on the way from real to fake
            part = torch.rand(
                S // twins, 64, 1, generator=gen, dtype=torch.float32
            ).repeat(twins, 1, 1)
            mix = part * real + (1 - part) * fake
        opt_D.step(slopes_of_D(D, real, fake, penalty, mix))
        if turn % critic == 0:
            opt_G.step(slopes_of_G(G, D, codes_now, kinds))
            torch._foreach_lerp_(mean, G, 0.02)
    return mean


def modes_and_share(samples):
    """Modes with at least 50 of 2,000 samples within 3 sd, and the share within 3 sd."""
    distance = torch.cdist(samples, CENTRES)
    close = distance.amin(1) < 0.3
    hits = torch.bincount(distance.argmin(1)[close], minlength=8)
    return int((hits >= 50).sum()), close.double().mean().item()


def from_ring(gen, S=4, n=64):
    at = torch.randint(8, (S, n), generator=gen)
    return CENTRES[at] + 0.1 * torch.randn(S, n, 2, generator=gen, dtype=torch.float32)


gen = torch.Generator().manual_seed(0)
G8, D8 = layers([4, 32, 32, 2], 4, gen), layers([2, 32, 32, 1], 4, gen)
twice = lambda net: [w.repeat(2, 1, 1) for w in net]
generators8 = play_many(
    twice(G8),
    twice(D8),
    from_ring,
    4,
    800,
    torch.full((8, 1, 1), 0.01),
    penalty=torch.full((4, 1), 0.03).float(),  # of the second four
    twins=2,
)
codes8 = torch.randn(4, 2000, 4, generator=gen, dtype=torch.float32).repeat(2, 1, 1)
samples8 = run(generators8, codes8)
turned = 2 * math.pi * torch.rand(2000, generator=gen)
noisy_ring = (
    (2 + 0.3 * torch.randn(2000, generator=gen))
    * torch.stack([turned.cos(), turned.sin()])
).T.float()
controls = {"data": from_ring(gen, 1, 2000)[0], "noisy ring": noisy_ring}
control_table = {name: modes_and_share(s) for name, s in controls.items()}
plain_table = [modes_and_share(s) for s in samples8[:4]]
calm_table = [modes_and_share(s) for s in samples8[4:]]
print(f"{'':24}modes hit of 8        share within 3 sd")
for name, (m, s) in control_table.items():
    print(f"{name:24}{m:9}{s:25.2f}")
for name, table in (
    ("plain GAN, 4 seeds", plain_table),
    ("with penalty, 4 seeds", calm_table),
):
    print(
        f"{name:24}"
        + " ".join(f"{m:2}" for m, _ in table)
        + " " * 10
        + " ".join(f"{s:5.2f}" for _, s in table)
    )

# %% tags=["picture"] mystnb={"image": {"alt": "Four scatter plots over the centres of eight Gaussians on a ring: the data on all eight; a shapeless noisy ring; a plain GAN with dense clumps on most centres and only a thin scatter on two; with the penalty more centres are covered, with some threads of samples between them."}}
seed_shown = int(np.argmin([m for m, _ in plain_table]))
fig, axes = plt.subplots(1, 4, figsize=(6.8, 2.1), sharex=True, sharey=True)
for ax, name, dots in zip(
    axes,
    ("data", "noisy ring", "plain GAN", "with penalty"),
    (controls["data"], noisy_ring, samples8[seed_shown], samples8[4 + seed_shown]),
):
    ax.plot(*dots[:800].numpy().T, ".", ms=1.5, color=plot.BLUE)
    ax.plot(*CENTRES.numpy().T, "+", ms=7, color=plot.RED)
    ax.set(title=name, aspect="equal", xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[])
plt.show()

# %% [markdown]
r"""
Three of the four plain GANs leave two modes with fewer than fifty samples (one is shown). With the penalty these four seeds reach all eight, at a share of good samples that is hardly lower. Three wins and a tie of four, at the one weight played, are a hint, no proof. Threads of samples remain between neighbouring modes, since a continuous $G$ has to cross from one to the next.
"""

# %% tags=["checks"]
plain_modes, plain_share = np.array(plain_table).T
calm_modes, calm_share = np.array(calm_table).T
verify_at_least(
    "modes won by the penalty, mean of four seeds", (calm_modes - plain_modes).mean(), 1
)
verify_at_least("modes with the penalty, each of four seeds", calm_modes, 7)
verify_at_most(
    "mean share within 3 sd lost by the penalty",
    plain_share.mean() - calm_share.mean(),
    0.15,
)
verify_at_least(
    "smallest share of any GAN over that of the noisy ring",
    min(*plain_share, *calm_share) / control_table["noisy ring"][1],
    2,
)
verify(
    "data: share within 3 sd of a centre, 1 − e^(−9/2)",
    control_table["data"][1],
    1 - math.exp(-4.5),
    atol=4 * math.sqrt(0.011 * 0.989 / 2000),
)
verify(
    "last 200 steps in one dimension: mean and width",
    path[600:].mean(0),
    [2.0, 0.5],
    atol=0.05,
)
verify_at_least(
    "they do not rest: standard deviation over the last 200 steps, mean and width",
    path[600:].std(0),
    0.01,
)
verify_at_most("smallest width on the way", path[:400, 1].min(), 0.1)
torch.set_default_dtype(torch.float32)
w_G, w_D = (layers(sizes, 1, gen) for sizes in ([4, 16, 16, 2], [2, 16, 16, 1]))
G_one, D_one = (
    nn.Sequential(
        *(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
    ),
    nn.Sequential(
        *(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))
    ),
)
for net, ws in ((G_one, w_G), (D_one, w_D)):
    for p, w in zip(net.parameters(), ws):
        p.data = w[0].T.clone() if p.dim() > 1 else w[0, 0].clone()
mean_one = [p.detach().clone() for p in G_one.parameters()]
torch.manual_seed(0)
train_gan(
    *(G_one, D_one, lambda n: from_ring(torch.default_generator, 1, n)[0], 4, 40),
    lambda _: torch._foreach_lerp_(
        mean_one, [p.detach() for p in G_one.parameters()], 0.02
    ),
    64,
)
torch.set_default_dtype(torch.float64)
many_G = play_many(w_G, w_D, lambda gen: from_ring(gen, 1), 4, 40, 5e-3, faster=4)
verify(
    "40 steps on the ring: the ordinary loop and many games at once, averaged weights",
    torch.cat([(p.T if p.dim() > 1 else p).ravel() for p in mean_one]),
    torch.cat([w.ravel() for w in many_G]),
    atol=1e-4,
)
# %% [markdown]
r"""
**Try it.** Three modes of the ring got 600 samples each. What does an *effective number* of modes, $e^{H}$ with the [entropy](#entropy) $H$ of the three shares, say? And with the counts 1,700, 50, 50?
"""

# %% tags=["yours"]
adv_effective = ...  # a pair of numbers

exercise("adv-effective").check(adv_effective)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Equal shares: $e^{\log3}=3$. The second has three modes by count, but hardly more than one in effect.

```python
adv_effective = tuple(
    np.exp(-sum(p * np.log(p) for p in np.array(c) / sum(c)))
    for c in ([600, 600, 600], [1700, 50, 50])
)
```

</details>
"""

# %% [markdown]
r"""
(wasserstein)=
## Moving earth

Two point masses a distance $\Delta$ apart have $\mathrm{JS}=\log2$, whether $\Delta$ is 1 or 1,000: it does not know what *near* is. The *Wasserstein distance* is the least work, mass times distance, that shovels one heap of earth into the shape of another:

$$
W(p,q)=\min_{\text{couplings of }x\sim p,\,y\sim q}\mathbb E|x-y| .
$$ (eq-adv-wasserstein)

A *coupling* is a plan of transport: a joint law of $(x,y)$ in which $x$ alone has the law $p$ and $y$ alone $q$. Put earth at 0, 1 and 5, holes at 2, 2 and 3. Paired from left to right: $|0-2|+|1-2|+|5-3|=5$, divided by three. In one dimension sorting is always a cheapest way: two crossing moves can be exchanged without loss.

**A critic.** Let $f$ be any function with slope at most one in size. For every coupling $\mathbb E f(x)-\mathbb E f(y)=\mathbb E[f(x)-f(y)]\le\mathbb E|x-y|$, so

$$
\max_{|f'|\le1}\;\mathbb E_pf-\mathbb E_qf\;\le\;W(p,q).
$$ (eq-adv-critic)

It is an equality: with the distribution functions, $\mathbb E_pf-\mathbb E_qf=\int f'\,(F_q-F_p)\,dx$ (by parts), largest for $f'=\operatorname{sign}(F_q-F_p)$. The value $\int|F_p-F_q|\,dx$ is the area between the two sorted samples, $W$ itself. (In more dimensions: Kantorovich and Rubinstein.)
"""


# %%
def wasserstein(x, y):  # samples of equal number
    return np.abs(np.sort(x) - np.sort(y)).mean()


# %% tags=["picture"] mystnb={"image": {"alt": "Above: two staircases from zero to one, of the earth at 0, 1 and 5 and of the holes at 2, 2 and 3; the area between them is shaded, from 0 to 2 and from 3 to 5. Below: the best critic, which falls with slope minus one from 0 to 2, is flat from 2 to 3 and rises with slope one from 3 to 5."}}
heap, holes = np.array([0, 1, 5]), np.array([2, 2, 3])
along = np.linspace(-0.5, 5.5, 6001)
F_p, F_q = (np.searchsorted(at, along, side="right") / 3 for at in (heap, holes))
best_critic = np.cumsum(np.sign(F_q - F_p)) * (along[1] - along[0])
fig, (top, low) = plt.subplots(2, 1, figsize=(6.8, 3.6), sharex=True)
top.fill_between(along, F_p, F_q, color=plot.GREY, alpha=0.3, label="area W")
top.plot(along, F_p, color=plot.BLUE, label="$F_p$, earth")
top.plot(along, F_q, color=plot.RED, label="$F_q$, holes")
top.legend(fontsize=9, loc="lower right")
low.plot(along, best_critic, color=plot.GREEN)
low.set(xlabel="$x$", ylabel="best critic $f$")
plt.show()

# %% [markdown]
r"""
So a discriminator without sigmoid and logarithm but with *bounded slope* measures $W$: a *critic* {cite:p}`arjovsky2017`. On the way from real to generated points it pays $\lambda\,\mathbb E\bigl[\bigl((|f'|-1)^+\bigr)^2\bigr]$ for slopes over one, the one-sided variant of {cite:t}`gulrajani2017`.
"""


# %%
def critic_loss(f, real, fake, part, lam):  # part: uniform on [0, 1], one per point
    between = (part * real + (1 - part) * fake).requires_grad_()
    slope = torch.autograd.grad(f(between).sum(), between, create_graph=True)[0]
    excess = F.relu(slope.norm(dim=-1) - 1)  # (|f'| − 1)⁺
    return f(fake).mean() - f(real).mean() + lam * (excess**2).mean()


# %% [markdown]
r"""
The games below compute its slopes by hand; a check compares the two.

Does it pay? The data are [the two bumps](#adv-fixed-points). Every loss plays six seeds at two learning rates, 200 steps of $G$ with five of $D$ for each. The critic comes with a penalty ($\lambda=3$), so $-\log D$ plays twice, without and with its own ($\gamma=0.3$). The judge is $W$.
"""


# %% tags=["set-up"]
def from_bumps(gen, S, n=64):
    right = (torch.rand(S, n, 1, generator=gen) < 0.3).float()
    return (
        -1
        + 3.5 * right
        + 0.5 * torch.randn(S, n, 1, generator=gen, dtype=torch.float32)
    )


LOSSES = ("log(1 − D)", "−log D")
race_rates = (0.005, 0.02)  # setting

judged = {}  # W of six games at each of the two rates, (2, 6)
for rows, kinds, weights in (
    ((*LOSSES, "−log D, penalty"), (*LOSSES, "−log D"), [0.3]),  # setting
    (("Wasserstein, penalty",), ("Wasserstein",), [3.0]),  # setting
):
    n = len(kinds)
    again = lambda net: [w.repeat(n, 1, 1) for w in net]
    gen = torch.Generator().manual_seed(3)
    end = play_many(
        again(layers([2, 16, 16, 1], 12, gen)),
        again(layers([1, 16, 16, 1], 12, gen)),
        lambda gen: from_bumps(gen, 12),
        2,
        200,  # setting
        torch.tensor(race_rates).repeat_interleave(6).repeat(n)[:, None, None],
        kinds,
        torch.tensor(weights).repeat_interleave(12)[:, None].float(),
        twins=n,
        critic=5,  # setting
    )
    inputs12 = torch.randn(12, 4000, 2, generator=gen, dtype=torch.float32)
    made = run(end, inputs12.repeat(n, 1, 1))[..., 0].numpy()
    fresh = from_bumps(gen, 12, 4000)[..., 0].numpy()
    for row, of_row in zip(rows, made.reshape(n, 12, -1)):
        judged[row] = np.array(
            [wasserstein(a, b) for a, b in zip(of_row, fresh)]
        ).reshape(2, 6)
raced = tuple(judged)
gen = torch.Generator().manual_seed(4)
bumps_a, bumps_b = from_bumps(gen, 12, 4000)[..., 0].numpy().reshape(2, 6, -1)
judged["fresh data"] = np.array([wasserstein(a, b) for a, b in zip(bumps_a, bumps_b)])
spread_bumps = math.sqrt(0.25 + 0.3 * 0.7 * 3.5**2)
judged["one Gaussian"] = np.array(
    [
        wasserstein(a, np.random.default_rng(k).normal(0.05, spread_bumps, 4000))
        for k, a in enumerate(bumps_a)
    ]
)
print("W to fresh data, median of six games")
print(f"{'rate':22}" + "".join(f"{rate:8g}" for rate in race_rates))
for row in raced:
    print(f"{row:22}" + "".join(f"{v:8.2f}" for v in np.median(judged[row], axis=1)))
for name in ("fresh data", "one Gaussian"):
    print(f"{name:22}{np.median(judged[name]):8.2f}")

# %% [markdown]
r"""
Without a penalty $-\log D$ is farther from the data than one fitted Gaussian at the higher rate. With one its median is level with the critic's there (0.14 and 0.16; six games do not separate them) and behind at the lower (0.29 and 0.23). So a *penalty* (one weight of each was played) wins most of what the critic won from the plain $-\log D$. None comes near fresh data.

One row contradicts the chase above: $\log(1-D)$, without any penalty, wins nearly as much from the plain $-\log D$, which was a weak rival here. Possible reasons, neither tested: Adam divides by the size of the slope, which takes the handicap away; and $-\log D$ may leave a generator on one bump, as it did [the rigid one](#adv-fixed-points).
"""

# %% tags=["checks"]
verify(
    "three heaps, three holes: the work, the area, what the critic in the picture earns",
    [
        wasserstein(heap, holes),
        integrate.trapezoid(abs(F_p - F_q), along),
        np.subtract(
            *(np.interp(at, along, best_critic).mean() for at in (heap, holes))
        ),
    ],
    np.full(3, 5 / 3),
    atol=5e-3,
)
points = np.random.default_rng(8).normal(size=(2, 40))
cost = abs(points[0][:, None] - points[1])
verify(
    "forty against forty points: sorting, and the best of all assignments",
    wasserstein(*points),
    cost[optimize.linear_sum_assignment(cost)].mean(),
    rtol=1e-9,
)
coarse = np.linspace(-6, 7, 131)
p_c, q_c = (
    two_bumps(coarse) / two_bumps(coarse).sum(),
    stats.norm(0.05, spread_bumps).pdf(coarse),
)
q_c = q_c / q_c.sum()
difference = np.eye(131)[1:] - np.eye(131)[:-1]
critic = optimize.linprog(  # a function on the grid with slope at most 1
    -(p_c - q_c),
    A_ub=np.vstack([difference, -difference]),
    b_ub=np.full(260, coarse[1] - coarse[0]),
    bounds=[(0, 0)] + [(None, None)] * 130,
)
verify(
    "data and one Gaussian: the best critic by a linear program, and the area between the distribution functions",
    -critic.fun,
    (abs(np.cumsum(p_c) - np.cumsum(q_c)) * (coarse[1] - coarse[0])).sum(),
    rtol=1e-6,
)
verify(
    "the same distance from samples, by sorting",
    judged["one Gaussian"].mean(),
    -critic.fun,
    rtol=0.05,
)
game_median = {row: np.median(judged[row], axis=1) for row in raced}  # at two rates
bare, calm, earth = (
    game_median[row] for row in ("−log D", "−log D, penalty", "Wasserstein, penalty")
)
verify_at_least(
    "medians: what −log D wins by its penalty over what the critic wins from it, both rates",
    (bare - calm) / (bare - earth),
    0.5,
)
verify_at_least(
    "the higher rate: −log D without penalty over one Gaussian; the critic over −log D with one",
    [bare[1] / judged["one Gaussian"].mean(), earth[1] / calm[1]],
    [1.1, 1.0],
)
verify_at_least(
    "… what log(1 − D) wins without one",
    (bare - game_median["log(1 − D)"]) / (bare - earth),
    0.5,
)
verify_at_least(
    "critic and −log D with a penalty, the higher rate: p of a rank test of six games",
    stats.mannwhitneyu(
        judged["−log D, penalty"][1], judged["Wasserstein, penalty"][1]
    ).pvalue,
    0.1,
)
verify_at_least(
    "the lower rate: −log D with its penalty over the critic", calm[0] / earth[0], 1.0
)
verify_at_most(
    "median without a penalty: log(1 − D) over −log D, both rates",
    game_median["log(1 − D)"] / bare,
    0.8,
)
verify_at_least(
    "W of the best loss, over fresh data",
    min(values.min() for values in game_median.values()) / judged["fresh data"].mean(),
    2,
)
D2, kinked = layers([2, 8, 8, 1], 3, torch.Generator().manual_seed(9)), {}
there, other, mixed = torch.randn(
    3, 3, 20, 2, generator=torch.Generator().manual_seed(10), dtype=torch.float32
)
part = mixed[..., :1].sigmoid()
mixed = part * there + (1 - part) * other
for critic in (False, True):
    w = [p.clone().requires_grad_() for p in D2]
    if critic:  # a mean over three games: a third of the sum
        loss = 3 * critic_loss(lambda x: run(w, x), there, other, part, 3)
    else:
        at = there.clone().requires_grad_()
        a = run(w, at)
        g = torch.autograd.grad(a.sum(), at, create_graph=True)[0]
        loss = F.softplus(-a).mean(1) + F.softplus(run(w, other)).mean(1)
        loss = loss.sum() + 3 * (g.square().sum(2) / 2).mean(1).sum()
    by_autograd = torch.autograd.grad(loss, w)
    by_hand = slopes_of_D(
        D2, there, other, torch.full((3, 1), 3.0).float(), mixed if critic else None
    )
    kinked[critic] = [(p - q).abs().max().item() for p, q in zip(by_autograd, by_hand)]
verify(
    "slopes of D's loss with its penalty, by hand and by automatic differentiation twice",
    list(kinked.values()),
    np.zeros((2, 6)),
    atol=1e-4,
)

# %% [markdown]
r"""
**Try it.** Data uniform on $[0,1]$, generator uniform on $[\theta,\theta+1]$ with $\theta>1$. Give a function of $\theta$ that returns JS, JS′, $W$ and $W'$, the primes for slopes in $\theta$.
"""

# %% tags=["yours"]
adv_two_boxes = ...  # a function of theta that returns four numbers

exercise("adv-two-boxes").check(adv_two_boxes)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The supports are disjoint, so $D^*$ is never wrong and $\mathrm{JS}=\log2$, slope 0. All the earth moves by $\theta$: $W=\theta$, slope 1.

```python
adv_two_boxes = lambda theta: (np.log(2), 0.0, theta, 1.0)
```

</details>
"""

# %% [markdown]
r"""
(adversarial-practice)=
## In practice

Training on attacks without this chapter's helpers. `torch.autograd.grad` with respect to `delta` keeps the weights' gradients clean.
"""


# %%
def fit_robust(X, y, eps=0.1, alpha=0.05, k=5, epochs=30):  # setting
    net = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
    opt = torch.optim.Adam(net.parameters(), 5e-3)  # setting
    for _ in range(epochs):
        for B in torch.randperm(len(X)).split(100):  # setting
            x, t = X[B], y[B]
            delta = torch.empty_like(x).uniform_(-eps, eps).requires_grad_()
            for _ in range(k):
                (g,) = torch.autograd.grad(F.cross_entropy(net(x + delta), t), delta)
                delta.data = (delta + alpha * g.sign()).clamp(-eps, eps)
                delta.data = (x + delta.data).clamp(0, 1) - x
            opt.zero_grad()
            F.cross_entropy(net(x + delta.detach()), t).backward()
            opt.step()
    return net


# %% [markdown]
r"""
To report robustness, take a standard battery of attacks (AutoAttack {cite:p}`croce2020` is one), tune it against *your* defence, and give a certificate where you can. GANs are mostly written with `BCEWithLogitsLoss` and labels 1 and 0. Distances in one dimension are in `scipy.stats`; in many nothing can be sorted, and the *energy distance* $2\,\mathbb E\|x-y\|-\mathbb E\|x-x'\|-\mathbb E\|y-y'\|$ {cite:p}`szekely2013` needs samples only.
"""

# %% tags=["checks"]
torch.manual_seed(1)
ends_seen = []  # smallest and largest pixel of every batch that a network is shown


def note_ends(module, inputs):
    if isinstance(module, nn.Sequential):
        ends_seen.append(torch.stack(torch.aminmax(inputs[0].detach())))


hook = nn.modules.module.register_module_forward_pre_hook(note_ends)
copied = fit_robust(X, y, epochs=15).requires_grad_(False)
hook.remove()
ends_seen = torch.stack(ends_seen).reshape(-1, 6, 2)
verify(
    "grey values at the random start, before any clip, and of the pictures trained on",
    [[ends_seen[:, k, 0].min(), ends_seen[:, k, 1].max()] for k in (0, 5)],
    [[-0.1, 1.1], [0, 1]],
    atol=1e-3,
)
verify(
    "the loop and the helpers of the chapter: accuracy clean, and under attack at 0.1",
    [accuracy(copied, X_test), share(standing(copied, 0.1))],
    [clean["on attacks"], at_ten_percent["on attacks"]],
    atol=0.06,
)
a_fake = torch.tensor([-2.0, 0.3, 5.0])
verify(
    "−log D and −log(1 − D): BCEWithLogitsLoss with the labels 1 and 0",
    [F.softplus(-a_fake).mean(), F.softplus(a_fake).mean()],
    [nn.BCEWithLogitsLoss()(a_fake, torch.full((3,), v)) for v in (1.0, 0.0)],
    atol=1e-12,
)
verify(
    "W by scipy.stats",
    [wasserstein(a, b) for a, b in zip(bumps_a[:3], bumps_b[:3])],
    [stats.wasserstein_distance(a, b) for a, b in zip(bumps_a[:3], bumps_b[:3])],
    rtol=1e-5,
)

# %% [markdown]
r"""
(adv-beware)=
## Beware

**"It is robust."** In which norm? Let the attacker change *few pixels by as much as they like*: one after the other, the pixel that raises the gap most by first order is set to black or white.
"""


# %%
def few_pixels(net, x, y, k):
    for _ in range(k):
        g = input_gradient(net, x, y, gap_loss)
        room = torch.where(g > 0, 1 - x, -x)  # how far each pixel could go
        i = (g * room).argmax(1, keepdim=True)
        x = x.scatter_add(1, i, room.gather(1, i))
    return x


# %% tags=["set-up"]
few_seeds = {
    name: np.array(
        [
            [accuracy(net, few_pixels(net, X_test, y_test, k)) for k in (0, 1, 2, 3, 5)]
            for net in of_name
        ]
    )
    for name, of_name in (
        ("plainly", taught["plainly"]),
        ("on attacks", taught["on attacks"]),
        ("on bounds", [nets["on bounds"]]),
    )
}
print(f"{'pixels changed':22}" + "".join(f"{k:8}" for k in (0, 1, 2, 3, 5)))
for name, rows in few_seeds.items():
    words = f"{name} ({len(rows)} seed{'s' * (len(rows) > 1)})"
    print(f"{words:22}" + "".join(f"{v:8.2f}" for v in rows.mean(0)))

# %% [markdown]
r"""
With three free pixels neither the network trained on attacks nor the one with certificates is better than the plain one. A promise of robustness names its norm and its $\epsilon$, or it says nothing.

(gan-variational-bound)=
**"The score is $-\log4$, so the generator is perfect."** $D$ is never the optimum over all functions, only over a family $\Phi$ of networks:

$$
\sup_{\phi\in\Phi}\tfrac12V(D_\phi,G)\;\le\;\tfrac12V(D^*,G)=\mathrm{JS}(p,q)-\log2 .
$$ (eq-adv-variational)

What $\Phi$ cannot see costs nothing. Take logits that are linear in $x$. Against $\mathcal N(0,1)$ a generator of $\mathcal N(1,1)$ is seen in full. A generator of $\mathcal N(0,4)$, twice as wide, scores exactly like a perfect one; with $x^2$ among the features it is found out.
"""


# %%
def best_in_family(p, q, features):  # max over φ of ½V, logits φ·features, on the grid
    def loss(phi):
        a = phi @ features
        return 0.005 * np.sum(p * np.logaddexp(0, -a) + q * np.logaddexp(0, a))

    return -optimize.minimize(loss, np.zeros(len(features)), tol=1e-10).fun  # setting


# %% tags=["set-up"]
wide_grid = np.arange(-12, 12, 0.01)
normal = lambda m, s: stats.norm(m, s).pdf(wide_grid)
line_family = np.array([wide_grid**0, wide_grid])
curve_family = np.array([wide_grid**0, wide_grid, wide_grid**2])
family_scores = {
    "N(1,1), lines": (best_in_family(normal(0, 1), normal(1, 1), line_family), 1, 1),
    "N(0,4), lines": (best_in_family(normal(0, 1), normal(0, 2), line_family), 0, 2),
    "N(0,4), parabolas": (
        best_in_family(normal(0, 1), normal(0, 2), curve_family),
        0,
        2,
    ),
}
print("generator, family        best ½V + log 2      JS")
for name, (value, m, s) in family_scores.items():
    print(
        f"{name:25}{value + math.log(2):12.4f}{jensenshannon(normal(0, 1), normal(m, s)) ** 2:14.4f}"
    )

# %% tags=["checks"]
by_family = np.array([v + math.log(2) for v, *_ in family_scores.values()])
js_here = [
    jensenshannon(normal(0, 1), normal(m, s)) ** 2 for _, m, s in family_scores.values()
]
verify(
    "families that contain the log-ratio reach JS",
    by_family[[0, 2]],
    np.array(js_here)[[0, 2]],
    atol=1e-5,
)
verify(
    "lines against a generator twice as wide: they see", by_family[1], 0.0, atol=1e-6
)
gained_few = (few_seeds["on attacks"] - few_seeds["plainly"]).mean(0)
after_three = few_pixels(plain, X_test, y_test, 3)
ends_only = (after_three != X_test) & (after_three > 0) & (after_three < 1)
verify(
    "three steps: most pixels changed; changed ones that are neither black nor white; smallest and largest value",
    [
        (after_three != X_test).sum(1).max().item(),
        ends_only.sum().item(),
        after_three.min().item(),
        after_three.max().item(),
    ],
    [3.0, 0, 0, 1],
    atol=1e-12,
)
verify_at_most(
    "won by training on attacks under one, two, three changed pixels, mean of six "
    "seeds, over what it won at ε = 0.1",
    gained_few[1:4] / (at_ten_percent["on attacks"] - at_ten_percent["plainly"]),
    0.2,
)
# %% [markdown]
r"""
(adv-neighbour)=
**"Classes a distance $2r$ apart, so the nearest neighbour is safe up to $r$."** For a *training* point, yes: moved by less than $r$, it is still nearer to where it was than to any point of the other class. Fresh points have no neighbour at home. Two slabs in $\mathbb R^5$ with a gap of $2r=1$, all points moved straight at the other class:
"""


# %% tags=["set-up"]
def slabs(n, rng, r=0.5):
    points = rng.uniform(-1, 1, (n, 5))
    points[:, 0] += r * np.sign(points[:, 0])
    return points, points[:, 0] > 0


def mistakes(queries, truth, memory, labels, size):
    moved = queries.copy()
    moved[:, 0] -= np.sign(queries[:, 0]) * size
    far = (moved**2).sum(1)[:, None] - 2 * moved @ memory.T + (memory**2).sum(1)
    return np.mean(labels[far.argmin(1)] != truth)


rng = np.random.default_rng(2)
memory, memory_labels = slabs(1000, rng)
fresh_points, fresh_labels = slabs(4000, rng)
slab_table = [
    [
        mistakes(q, t, memory, memory_labels, f * 0.5)
        for q, t in ((memory, memory_labels), (fresh_points, fresh_labels))
    ]
    for f in (0.9, 0.999)
]
print("moved by          0.9 r    0.999 r     share fooled")
for name, row in zip(("training points", "fresh points"), np.array(slab_table).T):
    print(f"{name:15}" + "".join(f"{v:9.3f}" for v in row))

# %% tags=["checks"]
verify("training points fooled at 0.999 r", slab_table[1][0], 0.0, atol=1e-12)
verify_at_least(
    "fresh points fooled at 0.9 r and at 0.999 r", [row[1] for row in slab_table], 0.002
)

# %% [markdown]
r"""
(adv-exercises)=
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.

**A quarter apart.** The data are uniform on $[0,1]$, what the generator makes is uniform on $[\frac14,\frac54]$. What are $V(D^*,G)$ and $\mathrm{JS}$?
"""

# %% tags=["yours"]
adv_disjoint = ...  # a pair (V, JS)

exercise("adv-disjoint").check(adv_disjoint)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A quarter of the data lies where $D^*=1$ and costs nothing, a quarter of the samples where $D^*=0$. On the rest both densities are 1, so $D^*=\frac12$: $V=\frac34\log\frac12+\frac34\log\frac12$, and $\mathrm{JS}=\frac12(V+\log4)$.

```python
adv_disjoint = (-1.5 * np.log(2), np.log(2) / 4)
```

</details>

**Certified by noise.** *Randomised smoothing* {cite:p}`cohen2019` lets a classifier vote under noise $\mathcal N(0,\sigma^2I)$. If the winner of two classes has the probability $p>\frac12$, it keeps winning within a Euclidean radius of the point. The worst case is a half-space. Derive the radius.
"""

# %% tags=["yours"]
adv_smoothing = ...  # a function of p and sigma

exercise("adv-smoothing").check(adv_smoothing)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A half-space at distance $r$ has the probability $\Phi(r/\sigma)$ under the noise; moving by $r$ towards its boundary makes it $\frac12$.

```python
adv_smoothing = lambda p, sigma: sigma * stats.norm.ppf(p)
```

</details>

**A tighter box.** A hidden unit that is on for *every* input in the box is linear there, so its row can be passed straight on to the inputs. Write a bound of $z_y-z_j$ (shape $(n,10)$, like `gaps_below`) that does this and is tighter on the plain network at $\epsilon=0.02$, but never above what an attack finds.
"""

# %% tags=["yours"]
adv_tighter = ...  # a function of (net, x, y, eps) that returns (n, 10)

exercise("adv-tighter").check(adv_tighter)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Split the sum over hidden units: those surely on are linear in $x'$ and are bounded together, $\sum_hv_h(W_hx'+b_h)$ with the single matrix $VW$; the others as before.

```python
def adv_tighter(net, x, y, eps):
    W, b, V, c = net.parameters()
    low, high = (x - eps).clamp(0, 1), (x + eps).clamp(0, 1)
    l, u = affine_box(low, high, W, b)
    D, d = V[y][:, None] - V, c[y][:, None] - c  # (n, 10, 24), (n, 10)
    on = (l >= 0).double()[:, None]  # (n, 1, 24)
    straight = affine_box(
        low[:, None], high[:, None], (D * on) @ W, ((D * on) @ b + d)[:, None]
    )[0][:, 0]
    rest = D * (1 - on)
    mean, radius = ((F.relu(l) + F.relu(u)) / 2)[:, None], ((F.relu(u) - F.relu(l)) / 2)[:, None]
    return straight + (rest * mean - rest.abs() * radius).sum(2)
```

</details>

**Project: a stronger attack.** On the network trained on attacks, at $\epsilon=0.15$, leave less accuracy, by one point at least, than three attacks of ten steps leave together. Then go on: how close do you come to the exact values of [the headline](#headline-perturbation)?
"""

# %% tags=["yours"]
adv_stronger = ...  # a function of (net, x, y, eps) that returns pictures

exercise("adv-stronger").check(adv_stronger)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Go for every other class in turn and keep what worked.

```python
def adv_stronger(net, x, y, eps):
    best = x.clone()
    for j in range(10):
        lead = lambda n, x, y: (n(x)[:, j] - n(x).gather(1, y[:, None])[:, 0]).sum()
        new = pgd(net, x, y, eps, 60, loss=lead)
        turned = net(new).argmax(1) != y
        best[turned] = new[turned]
    return best
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| FGSM | $\delta=\alpha\operatorname{sign}\nabla_xL$, gain $\alpha\lVert\nabla_xL\rVert_1$; half of random linear scores fall at $0.85\,s/\sqrt n$ | [one step](#eq-adv-fgsm), [rule](#eq-adv-dimension) |
| PGD | step uphill, clip to the box and to valid pictures, several starts | [iteration](#eq-adv-pgd) |
| linear score | distance to the boundary $\lvert w^\top x+b\rvert/\lVert w\rVert_q$ | [distance](#eq-adv-distance) |
| hinge attack | $\lVert\delta\rVert^2+c\,(\max_{i\ne t}Z_i-Z_t+\kappa)^+$ | [objective](#eq-adv-cw) |
| adversarial training | $\min_\theta\mathbb E\max_\delta L(x+\delta,y)$ | [objective](#eq-adv-training) |
| certificate | $W\mu+b\pm\lvert W\rvert r$; certified ≤ robust ≤ attacked | [bounds](#eq-adv-interval) |
| exact | one switch a unit, a mixed-integer program | [switches](#eq-adv-switch) |
| GAN | $D^*=p/(p+q)$, $V(D^*,G)=2\,\mathrm{JS}-\log4$ | [best reply](#eq-adv-best-d), [divergence](#eq-adv-js) |
| alternation | on $\theta\phi$: out by $\sqrt{1+\eta^2}$ at once, an ellipse in turn | [spiral](#eq-adv-spiral) |
| non-saturating loss | slope $1-\sigma(a)$ instead of $\sigma(a)$; other resting places | [slopes](#eq-adv-saturate) |
| Wasserstein | least work; in one dimension sort; a critic of slope one measures it | [distance](#eq-adv-wasserstein), [critic](#eq-adv-critic) |

**Further reading.** {cite:t}`kolter2018` tell the first thread in full, with the programs; {cite:t}`biggio2013` showed the phenomenon early. {cite:t}`athalye2018` warn about defences, {cite:t}`mescheder2018` analyse why GANs converge or not, {cite:t}`prince2023` is a clear introduction.
"""

# %% [markdown]
r"""
(adv-shelf)=
## The shelf

What the thread did not need stands here, to be consulted rather than read through: every entry can be read alone.
"""

# %% [markdown]
r"""
(adv-dual)=
### The steepest step in any norm

Under $\|\delta\|_p\le\alpha$ Hölder's inequality says $\langle g,\delta\rangle\le\alpha\|g\|_q$ with $\frac1p+\frac1q=1$. The largest gain is the *dual norm* of the gradient, and each of the three is attained:

| size of the step measured by | steepest step | gain |
|---|---|---|
| $\lVert\delta\rVert_\infty\le\alpha$ | $\alpha\operatorname{sign}g$ | $\alpha\lVert g\rVert_1$ |
| $\lVert\delta\rVert_2\le\alpha$ | $\alpha\,g/\lVert g\rVert_2$ | $\alpha\lVert g\rVert_2$ |
| $\lVert\delta\rVert_1\le\alpha$ | $\alpha\operatorname{sign}(g_i)\,e_i$, $i$ the largest entry of $\lvert g\rvert$ | $\alpha\lVert g\rVert_\infty$ |

For a linear score, $g=\pm w$ everywhere. So a step of size $\alpha$ lowers $|w^\top x+b|$ by at most $\alpha\|w\|_q$, and the steepest does so exactly: [the distance](#eq-adv-distance) is $|w^\top x+b|/\|w\|_q$.
"""


# %%
def steepest(g, p):  # the step of norm 1 along which <g, ·> is largest, row by row
    if p == math.inf:
        return g.sign()
    if p == 2:
        return g / g.norm(dim=1, keepdim=True)
    return g.sign() * F.one_hot(g.abs().argmax(1), g.shape[1])


# %% tags=["checks"]
g6 = np.r_[np.random.default_rng(0).normal(size=5), -3.0]  # the largest is negative
gain = {p: g6 @ steepest(torch.tensor(g6[None]), p)[0].numpy() for p in (math.inf, 1)}
verify(
    "steepest gain for p = ∞ and p = 1: the optimum of a linear program",
    [gain[math.inf], gain[1]],
    [
        -optimize.linprog(-g6, bounds=(-1, 1)).fun,
        -optimize.linprog(-np.r_[g6, -g6], A_ub=np.ones((1, 12)), b_ub=[1]).fun,
    ],
    atol=1e-9,
)

# %% [markdown]
r"""
(perturbation-formulation)=
### The general form of a targeted attack

With any distance $d$ and a function $f$ that stands for the constraint,

$$
\min_\delta d(x,x+\delta)+c\,f(x+\delta)\quad\text{subject to}\quad x+\delta\in[0,1]^n,
$$ (eq-adv-general)

where $f(x')\le0$ should mean $C(x')=t$. With logits $Z$ and probabilities $F=\operatorname{softmax}Z$:

| choice of f | non-positive means class t | class t means non-positive |
|---|---|---|
| $\max_{i\ne t}Z_i-Z_t$ | yes | yes |
| $\tfrac12-F_t$ | yes | no: the largest of ten may be below one half |
| $\log\sum_{i\ne t}e^{Z_i}-Z_t$ | yes | no: it is at least the maximum |

The last two are the same condition, $F_t\ge\frac12$, on two scales: $\log\sum_{i\ne t}e^{Z_i}-Z_t=\log\frac{1-F_t}{F_t}$. The log-sum-exp is the smooth maximum; the softmax is its gradient.
"""

# %% tags=["checks"]
gen = torch.Generator().manual_seed(1)
Z = 1.5 * torch.randn(10000, 10, generator=gen)
t = torch.randint(10, (10000,), generator=gen)
F_t = torch.softmax(Z, 1).gather(1, t[:, None])[:, 0]
smooth = (
    torch.logsumexp(Z.masked_fill(F.one_hot(t, 10).bool(), -math.inf), 1)
    - Z.gather(1, t[:, None])[:, 0]
)
is_t = Z.argmax(1) == t
verify(
    "10,000 random logits: non-positive though another class wins, for the three",
    [int(((f <= 0) & ~is_t).sum()) for f in (gap(Z, t), 0.5 - F_t, smooth)],
    [0, 0, 0],
)
verify(
    "class t though positive: none for the first; the other two agree",
    [
        int(((gap(Z, t) > 0) & is_t).sum()),
        int((((0.5 - F_t) > 0) != (smooth > 0)).sum()),
    ],
    [0, 0],
)
verify_at_least(
    "class t though ½ − F_t is positive", int(((F_t < 0.5) & is_t).sum()), 100
)

# %% [markdown]
r"""
(adv-entropy-or-hinge)=
### Cross-entropy or hinge?

The cross-entropy also falls on the far side of the boundary and never stops asking for more. "Then take the smallest price that succeeds!" With two classes that works, with ten it need not. At its minimum $2\delta=-c\,\nabla L=-c\sum_i(p_i-[i{=}t])\,w_i$, a mixture of *all* rows $w_i$. The nearest boundary point looks only at the classes that are in the way.

A linear softmax decides, because there an exact solver finds the nearest point (the limits of the grey scale left out). Eight digits, each to be read as the next class:
"""

# %% tags=["set-up"]
softmax_fit = LogisticRegression(C=1.0, max_iter=500).fit(X, y)
W_lin, b_lin = softmax_fit.coef_, softmax_fit.intercept_  # (10, 64), (10,)


def linear(x):
    return x @ torch.tensor(W_lin).T + torch.tensor(b_lin)


def nearest_point(A, h):
    """The shortest δ with Aδ ≥ h, exactly (Lawson and Hanson's least distance)."""
    E, f = np.vstack([A.T, h]), np.r_[np.zeros(A.shape[1]), 1.0]
    r = E @ optimize.nnls(E, f)[0] - f
    return -r[:-1] / r[-1]


def smallest_winning_price(x, t, rounds=9):
    """Shortest δ of the cross-entropy penalty that reaches t, by bisection on log c."""
    low, high, delta, best = -4.0, 4.0, np.zeros(64), None
    for _ in range(rounds):
        c = math.exp((low + high) / 2)

        def value(d):
            p = special.softmax(W_lin @ (x + d) + b_lin)
            return d @ d - c * np.log(p[t]), 2 * d + c * (p - np.eye(10)[t]) @ W_lin

        delta = optimize.minimize(
            value, delta, jac=True, method="BFGS", options={"gtol": 1e-5}
        ).x
        if (W_lin @ (x + delta) + b_lin).argmax() == t:
            high, best = math.log(c), np.linalg.norm(delta)
        else:
            low = math.log(c)
    return best


# %% tags=["set-up"]
eight = (linear(X_test).argmax(1) == y_test).nonzero()[:8, 0]
t8 = (y_test[eight] + 1) % 10
exact8 = []
for x, t in zip(X_test[eight].numpy(), t8.numpy()):
    rivals = np.delete(np.arange(10), t)
    exact8.append(
        np.linalg.norm(
            nearest_point(
                W_lin[t] - W_lin[rivals],
                (W_lin[rivals] - W_lin[t]) @ x + b_lin[rivals] - b_lin[t],
            )
        )
    )
exact8 = np.array(exact8)
by_entropy = np.array(
    [smallest_winning_price(x, t) for x, t in zip(X_test[eight].numpy(), t8.numpy())]
)
moved_by = pay(
    linear,
    X_test[eight].repeat(2, 1),
    t8.repeat(2),
    torch.tensor([1.0, 3.0]).repeat_interleave(8),
    hinge,
    box=False,
)
by_hinge = dict(zip((1.0, 3.0), moved_by.norm(dim=1).reshape(2, 8).numpy()))
print("length of δ over the exact minimum, eight digits, linear softmax")
for name, values in (
    ("cross-entropy, best price", by_entropy),
    ("hinge, c = 1", by_hinge[1.0]),
    ("hinge, c = 3", by_hinge[3.0]),
):
    print(f"{name:27}" + "".join(f"{v:7.3f}" for v in values / exact8))

# %% [markdown]
r"""
The hinge finds the exact minimum at either price, to within one per cent. The cross-entropy, with its price tuned for every single digit, is up to five per cent too long. No price mends that: its minimum is the wrong one.
"""

# %% tags=["checks"]
verify(
    "hinge, two prices, eight digits: the exact minimum",
    np.array(list(by_hinge.values())),
    np.tile(exact8, (2, 1)),
    rtol=0.01,
)
verify(
    "… the best other class is level with the target there",
    gap(linear(X_test[eight].repeat(2, 1) + moved_by), t8.repeat(2)).detach(),
    np.zeros(16),
    atol=0.05,
)
verify_at_least(
    "cross-entropy, best price for each digit: largest and smallest excess over the exact minimum",
    [(by_entropy / exact8).max() - 1, (by_entropy / exact8).min() - 1],
    [0.02, 0.0],
    atol=1e-3,
)

# %% [markdown]
r"""
(universal-perturbation)=
### Universal perturbations

The laziest attacker computes once: a single $v$ with $\|v\|_\infty\le\epsilon$ that breaks the model on most inputs $x+v$ {cite:p}`moosavi2017`. Climb the mean loss over training pictures that still stand; judge on pictures that $v$ has never met.
"""

# %% tags=["set-up"]
universal = torch.zeros(1, 64)
for _ in range(40):
    now = (X + universal).clamp(0, 1)
    upright = plain(now).argmax(1) == y
    g = input_gradient(plain, now[upright], y[upright]).mean(0)
    universal = (universal + 0.02 * g.sign()).clamp(-0.2, 0.2)
by_chance = np.array(
    [accuracy(plain, (X_test + 0.2 * coins((1, 64), k)).clamp(0, 1)) for k in range(20)]
)
with_universal = (X_test + universal).clamp(0, 1)
print(
    f"unseen digits + v {accuracy(plain, with_universal):.2f}, + one random pattern {by_chance.mean():.2f} ± {by_chance.std():.2f}"
)

# %% tags=["picture"] mystnb={"image": {"classes": "photo", "alt": "The universal perturbation as a grey picture, followed by three digits to which it has been added, all misread by the network."}}
fig, axes = plt.subplots(1, 4, figsize=(6.8, 2.1))
picture(axes[0], universal, "v", -0.2, 0.2)
misread = (plain(with_universal).argmax(1) != y_test).nonzero()[[0, 3, 5], 0]
for ax, i in zip(axes[1:], misread):
    picture(
        ax, with_universal[i], f"{y_test[i]} + v: " + says(plain, with_universal[i])
    )
plt.show()

# %% tags=["checks"]
verify_at_most(
    "accuracy under v over the worst of twenty random patterns",
    accuracy(plain, with_universal) / by_chance.min(),
    0.7,
)
verify("size of v", universal.abs().max(), 0.2, atol=1e-12)

# %% [markdown]
r"""
(limits-of-robustness)=
### How robust can anything be?

Points are uniform on the sphere in $\mathbb R^d$, and the classifier is wrong on a set of measure $\mu$. How far is a typical point from a mistake? By the isoperimetric inequality a cap is the best set for the defender. It is $\{x_1>s\}$ with $s\approx\Phi^{-1}(1-\mu)/\sqrt{d-1}$, because a coordinate is nearly Gaussian with variance $1/d$; and 95 % of the points have $x_1>-1.645/\sqrt{d-1}$. So 95 % of all points are within an angle of about

$$
\rho_{0.95}\approx\frac{\Phi^{-1}(1-\mu)+1.645}{\sqrt{d-1}}
$$ (eq-adv-sphere)

of a mistake, *whatever* the classifier. It shrinks like $1/\sqrt d$. But for an error of 2.5 % and $d=64$ it is 0.45, hardly small; the theorem bites in high dimensions. Data made by a smooth generator from a Gaussian inherit such a bound {cite:p}`fawzi2018`. It needs its assumptions: a constant classifier has no adversarial examples, and well-separated classes admit a robust one (if not [the nearest neighbour](#adv-neighbour)).
"""


# %% tags=["picture"]
def sphere(d):
    points = np.random.default_rng(0).normal(size=(6000, d))
    angle = np.degrees(
        np.arcsin(np.maximum(-points[:, 0], 0) / np.linalg.norm(points, axis=1))
    )
    fig, ax = plt.subplots(figsize=(6.8, 2.7))
    counts, bins = np.histogram(angle, np.arange(0, 91, 2))
    ax.stairs(counts / 6000, bins, fill=True, color=plot.BLUE)
    ax.axvline(
        np.degrees(1.645 / math.sqrt(d - 1)),
        color=plot.RED,
        label="95 % by the formula",
    )
    ax.set(
        xlabel="degrees to the half-sphere of mistakes",
        ylabel="share of points",
        ylim=(0, 0.75),
    )
    ax.legend()
    return fig


explore(
    sphere,
    alt="Histogram of the angle from uniform points on a sphere to a half-sphere; the higher the dimension, the closer all points are, with 95 percent left of the red line",
    d=[10, 3, 500],
)

# %% tags=["checks"]
exact_angles, formula = [], []
for d, mu in ((100, 0.5), (1000, 0.5), (1000, 0.025)):
    law = stats.beta((d - 1) / 2, (d - 1) / 2)  # of (1 + x₁)/2
    exact_angles.append(
        math.asin(2 * law.ppf(1 - mu) - 1) - math.asin(2 * law.ppf(0.05) - 1)
    )
    formula.append((stats.norm.ppf(1 - mu) + 1.645) / math.sqrt(d - 1))
verify(
    "95 % distance to a cap of measure ½, ½ and 2.5 %, exact",
    exact_angles,
    formula,
    rtol=0.02,
)
points = np.random.default_rng(1).normal(size=(4000, 100))
verify_within_se(
    "share of points on the sphere in 100 dimensions within that angle",
    (points[:, 0] / np.linalg.norm(points, axis=1) > -math.sin(exact_angles[0])).astype(
        float
    ),
    0.95,
)

# %% [markdown]
r"""
(attacks-on-graphs-and-shapes)=
### Graphs and shapes

On a graph the attacker has a second weapon, the domain itself. Zachary's karate club {cite:p}`zachary1977` split around its members 0 and 33. Label these two $+1$ and $-1$ and let everyone else take the mean of their neighbours until nothing changes, a linear system in the [graph Laplacian](#graph-laplacian). All but one of the 34 end on the side that they really chose. Now add one friendship. What is noticeable here is no norm of pixels, but that two degrees grew by one.

On a point cloud (a PointNet looks at each point alone and takes the maximum, {cite:p}`qi2017`) moving a few points is a sparse attack. And since points of different shapes have no common numbering, a *universal* perturbation is sought in smooth coordinates, such as the lowest eigenvectors of each shape's Laplacian.
"""

# %% tags=["set-up"]
import networkx as nx

karate = nx.karate_club_graph()
sides = np.array([1 if karate.nodes[i]["club"] == "Mr. Hi" else -1 for i in range(34)])
friends = nx.to_numpy_array(karate, weight=None)
inner = np.arange(1, 33)


def propagate(A):
    f, L = np.zeros(34), np.diag(A.sum(1)) - A
    f[[0, 33]] = 1, -1
    f[inner] = np.linalg.solve(
        L[np.ix_(inner, inner)], -L[np.ix_(inner, [0, 33])] @ [1, -1]
    )
    return f


opinion, turncoats = propagate(friends), {}
for i, j in nx.non_edges(karate):
    A = friends.copy()
    A[i, j] = A[j, i] = 1
    changed = np.flatnonzero(np.sign(propagate(A)) != np.sign(opinion))
    if len(changed):
        turncoats[i, j] = set(changed.tolist())
print(
    f"{len(turncoats)} of {len(list(nx.non_edges(karate)))} possible friendships turn somebody; "
    f"{len(set().union(*turncoats.values()))} members can be turned"
)


def shapes(n, gen):
    """Half spheres (0), half cubes (1) of equal mean square radius: (n, 64, 3)."""
    v, kind = torch.randn(n, 64, 3, generator=gen).float(), torch.arange(n) % 2
    ball, cube = (
        v / v.norm(dim=2, keepdim=True),
        v / v.abs().amax(2, keepdim=True) / 1.29,
    )
    noise = 0.03 * torch.randn(n, 64, 3, generator=gen).float()
    return torch.where((kind == 0)[:, None, None], ball, cube) + noise, kind


class PointNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.each = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 32))
        self.all = nn.Linear(32, 2)

    def forward(self, points):  # (n, 64, 3) -> (n, 2)
        return self.all(self.each(points).amax(1))


torch.manual_seed(0)
gen, pointnet = torch.Generator().manual_seed(0), PointNet().float()
adam = torch.optim.Adam(pointnet.parameters(), lr=1e-2)
for _ in range(100):
    v, kind = shapes(32, gen)
    adam.zero_grad()
    F.cross_entropy(pointnet(v), kind).backward()
    adam.step()
pointnet.requires_grad_(False)
v, kind = shapes(200, gen)
right = pointnet(v).argmax(1) == kind
v, kind = v[right], kind[right]
turned_by = {}
for who in ("chosen", "random"):
    g = input_gradient(pointnet, v, kind).norm(dim=2)
    three = torch.zeros_like(g).scatter_(
        1,
        (g if who == "chosen" else torch.rand(g.shape, generator=gen))
        .topk(3, 1)
        .indices,
        1.0,
    )
    moved_points = v.clone()
    for _ in range(20):
        g = input_gradient(pointnet, moved_points, kind) * three[..., None]
        moved_points = moved_points + 0.05 * g / g.norm(dim=2, keepdim=True).clamp(
            min=1e-12
        )
    turned_by[who] = (pointnet(moved_points).argmax(1) != kind).double()
print(
    f"sphere or cube: right {right.double().mean():.2f}\nturned by moving 3 of 64 points: "
    f"the steepest {turned_by['chosen'].mean():.2f}, random ones {turned_by['random'].mean():.2f}"
)

# %% tags=["checks"]
averaged = np.zeros(34)
for _ in range(400):
    averaged[[0, 33]] = 1, -1
    averaged = np.array([averaged[list(karate[i])].mean() for i in range(34)])
verify(
    "karate club: the linear system, and averaging over neighbours until it stops",
    opinion[inner],
    averaged[inner],
    atol=1e-6,
)
verify(
    "members on the side that they chose", int((np.sign(opinion) == sides).sum()), 33
)
verify_at_least("friendships that turn somebody", len(turncoats), 10)
verify_at_least(
    "shapes turned by moving the three steepest points, minus three random ones",
    (turned_by["chosen"] - turned_by["random"]).mean().item(),
    0.3,
)
