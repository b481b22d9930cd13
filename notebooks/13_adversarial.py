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

A small network reads handwritten digits and is right on 97 of 100 that it has never seen. Add noise to every pixel, 15 % of the grey scale up or down, by a coin: it hardly notices. Now choose the signs of the same noise with one backpropagation.
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
import networkx as nx
import numpy as np
import torch
import torch.nn.functional as F
from scipy import optimize, special, stats
from sklearn.linear_model import LogisticRegression
from torch import nn

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

# %%
X, y, X_test, y_test = (torch.tensor(a) for a in data.digits())  # grey values in [0, 1]


def make(width=64, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


def cross_entropy(net, x, y):
    return F.cross_entropy(net(x), y, reduction="sum")


def train(net, y, loss=cross_entropy, epochs=20, seed=0):
    """Adam on batches of 100; a loss may look at `net.done`, 0 to 1."""
    adam = torch.optim.Adam(net.parameters(), lr=3e-3, foreach=True)
    shuffle = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        net.done = epoch / epochs
        for batch in torch.randperm(len(X), generator=shuffle).split(100):
            adam.zero_grad()
            (loss(net, X[batch], y[batch]) / len(batch)).backward()
            adam.step()
    return net.requires_grad_(False)  # from here on the weights are fixed


# %%
def input_gradient(net, x, y, loss=cross_entropy):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(loss(net, x, y), x)[0]  # of the shape of x


def accuracy(net, x):
    return (net(x).argmax(1) == y_test).double().mean().item()


plain = train(make(), y)
coin = torch.Generator().manual_seed(0)
signs = torch.randint(2, X_test.shape, generator=coin) * 2.0 - 1
chosen = input_gradient(plain, X_test, y_test).sign()

# %%
verify_at_least("digits: accuracy on clean test images", accuracy(plain, X_test), 0.95)
verify_at_least(
    "digits: accuracy under random noise ±0.15",
    accuracy(plain, (X_test + 0.15 * signs).clamp(0, 1)),
    0.85,
)
verify_at_most(
    "digits: accuracy under the chosen noise ±0.15",
    accuracy(plain, (X_test + 0.15 * chosen).clamp(0, 1)),
    0.3,
)


# %% mystnb={"image": {"alt": "Three grey pictures of eight by eight pixels: a digit the network recognises with certainty, the perturbation of plus and minus 0.15, and their sum, read as another digit with high confidence."}} tags=["hide-input"]
def picture(ax, image, title, low=0, high=1):
    ax.imshow(np.reshape(image, (8, 8)), cmap="gray", vmin=low, vmax=high)
    ax.set(xticks=[], yticks=[], title=title)
    ax.grid(False)


def says(net, x):
    p = torch.softmax(net(x), -1)
    return f"“{p.argmax().item()}” with {p.max():.2f}"


fooled = (X_test + 0.15 * chosen).clamp(0, 1)
certain = (plain(fooled).argmax(1) != y_test) & (plain(X_test).argmax(1) == y_test)
certain &= (y_test == 0) | (y_test == 3)  # digits that are easy on our eyes
sure = (
    torch.softmax(plain(fooled), 1).amax(1)
    * torch.softmax(plain(X_test), 1).amax(1)
    * certain
)
k = sure.argmax().item()
fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.6))
picture(axes[0], X_test[k], says(plain, X_test[k]))
picture(axes[1], fooled[k] - X_test[k], "perturbation ± 0.15", -0.15, 0.15)
picture(axes[2], fooled[k], says(plain, fooled[k]))
plt.show()

# %% [markdown]
r"""
Same size, different signs: one is shrugged off, the other ruins the network. By the end of this chapter you will be able to

- **find** the smallest perturbation that fools a model, and know for a linear one that nothing smaller exists,
- **attack** with gradients, without gradients, on graphs and on point clouds,
- **defend** by training on attacks, and **certify** what no attack can ever do,
- **derive** what a generator and a discriminator that compete would reach, and **see** why they often do not.

It builds on [backpropagation](#backpropagation), the [softmax](#softmax) and [cross-entropy](#binary-cross-entropy-loss), [norms](#lp-norms) and [gradient descent](#gradient-descent). All cells together run in under half a minute.

(adversarial-machine-learning)=
## Two kinds of adversary

*Adversarial* names two different games. In the first a model is given and fixed, and somebody searches for an input that deceives it. In the second two models are trained, each on what the other does: a *generative adversarial network*, the second half of the chapter. Nothing but the word and the opposed objectives joins them.

:::{admonition} Who learns from whom
:class: correction
**The notes say** that in a GAN the generator is trained on data made by an adversary, and that the samples it generates are adversarial examples.

**Right is:** it is the discriminator whose training data come from its adversary, the generator; the generator sees no data at all, only the discriminator's gradient. And an adversarial example is a perturbed input that fools a fixed model.
:::

The cell takes the smallest such pair, $D(x)=\sigma(ax)$ and generated points $x_g=\theta+z$, and asks both losses for their derivatives.
"""

# %%
a, theta = torch.tensor(0.7, requires_grad=True), torch.tensor(-0.4, requires_grad=True)
real = torch.tensor([1.0, 2.0, 2.5], requires_grad=True)
made = theta + torch.tensor([0.3, -0.1, 0.5])
d_loss = (F.softplus(-a * real) + F.softplus(a * made)).mean()  # D is a classifier
g_loss = F.softplus(-a * made).mean()  # G wants its points to pass as real
(seen,) = torch.autograd.grad(d_loss, made, retain_graph=True)
verify(
    "the discriminator's loss depends on every generated point: a·σ(a x)/n",
    seen,
    0.7 * special.expit(0.7 * made.detach().numpy()) / 3,
    atol=1e-12,
)
verify(
    "the generator's loss does not contain the data",
    torch.autograd.grad(g_loss, real, allow_unused=True)[0] is None,
    True,
)
verify(
    "the generator learns through the discriminator: −a·mean σ(−a x)",
    torch.autograd.grad(g_loss, theta)[0],
    -0.7 * special.expit(-0.7 * made.detach().numpy()).mean(),
    atol=1e-12,
)

# %% [markdown]
r"""
(adversarial-example)=
## A digit that is not

:::{prf:definition} Adversarial example
:label: def-adv-example
An input $x'=x+\delta$ close to $x$ on which a model that is right on $x$ fails. *Close* is measured by a norm of $\delta$ that stands in for what a person would notice, mostly

$$
\|\delta\|_\infty=\max_i|\delta_i|,\qquad\|\delta\|_2=\Bigl(\sum_i\delta_i^2\Bigr)^{1/2},\qquad\|\delta\|_1=\sum_i|\delta_i| .
$$
:::

The first allows a little everywhere, the last a lot in few places. No norm *is* perception: shift a picture by one pixel and every norm is large, though nobody minds. But a norm can be minimised, and if a tiny $\delta$ suffices, the model is not robust in any sense.

(attack-is-not-training)=
Training moves $\theta$ and holds $x$; an attack holds $\theta$ and moves $x$. Both need the same backpropagation, stopped at a different leaf. Softmax and cross-entropy give [$p-e_y$ at the logits](#softmax-cross-entropy-gradient), so for our network

$$
\nabla_xL=W_1^\top\bigl(\mathbf 1[W_1x+b_1>0]\odot W_2^\top(p-e_y)\bigr).
$$ (eq-adv-input-gradient)
"""

# %%
before = [p.clone() for p in plain.parameters()]
W1, b1, W2, b2 = (p.numpy() for p in plain.parameters())
hidden = X_test.numpy() @ W1.T + b1
p = special.softmax(np.maximum(hidden, 0) @ W2.T + b2, axis=1)
by_hand = ((p - np.eye(10)[y_test]) @ W2 * (hidden > 0)) @ W1  # (n, 64)
verify(
    "the gradient in the input, by hand and by autograd",
    input_gradient(plain, X_test, y_test),
    by_hand,
    atol=1e-12,
)
e = 1e-6 * torch.eye(64)
twin = torch.stack([X_test[:1] + e, X_test[:1] - e])  # (2, 64, 64)
up, down = F.cross_entropy(
    plain(twin.reshape(-1, 64)), y_test[:1].expand(128), reduction="none"
).reshape(2, 64)
verify("the same by central differences", (up - down) / 2e-6, by_hand[0], atol=1e-7)

# %% [markdown]
r"""
(fgsm)=
## One step uphill

How should one spend an allowance of $\alpha$ a pixel? To first order the loss grows by $\langle\nabla_xL,\delta\rangle=\sum_ig_i\delta_i$. Every term can be maximised alone: $\delta_i=\alpha$ where $g_i>0$, $-\alpha$ where $g_i<0$. So

$$
\delta=\alpha\,\operatorname{sign}\nabla_xL(x,y),\qquad\langle\nabla_xL,\delta\rangle=\alpha\|\nabla_xL\|_1 ,
$$ (eq-adv-fgsm)

the *fast gradient sign method* {cite:p}`goodfellow2015`. Nothing in the argument was special to the maximum norm. Under $\|\delta\|_p\le\alpha$ Hölder's inequality gives $\langle g,\delta\rangle\le\alpha\|g\|_q$ with $\frac1p+\frac1q=1$: the gain is the *dual norm* of the gradient.

:::{prf:theorem} Steepest direction in three norms
:label: thm-adv-steepest
The maximum of $\langle g,\delta\rangle$ over $\|\delta\|_p\le\alpha$ is $\alpha\|g\|_q$, attained for $p=\infty$ at $\alpha\operatorname{sign}g$, for $p=2$ at $\alpha g/\|g\|_2$, for $p=1$ at $\alpha\operatorname{sign}(g_i)\,e_i$ with $i$ the largest entry of $|g|$.
:::

A linear program that knows nothing of duals agrees, and ten thousand random signs never do better.
"""


# %%
def steepest(g, p):
    """The direction of norm 1 along which <g, ·> is largest, for every row of g."""
    if p == np.inf:
        return g.sign()
    if p == 2:
        return g / g.norm(dim=1, keepdim=True)
    return g.sign() * F.one_hot(g.abs().argmax(1), g.shape[1])


DUAL = {np.inf: 1, 2: 2, 1: np.inf}
rng = np.random.default_rng(0)
g = np.r_[rng.normal(size=5), -3.0]  # the largest entry is negative
lp = {
    np.inf: optimize.linprog(-g, bounds=(-1, 1)),
    1: optimize.linprog(-np.r_[g, -g], A_ub=np.ones((1, 12)), b_ub=[1]),
}
gains = {p: g @ steepest(torch.tensor(g[None]), p)[0].numpy() for p in DUAL}
for p in (np.inf, 1):
    verify(
        f"steepest gain under ‖δ‖ ≤ 1, p = {p:g}, is the linear program's optimum",
        gains[p],
        -lp[p].fun,
        atol=1e-9,
    )
circle = rng.normal(size=(200000, 6))
verify(
    "steepest gain for p = 2: the best of 200 000 random directions",
    (circle @ g / np.linalg.norm(circle, axis=1)).max(),
    gains[2],
    rtol=0.02,
)
verify(
    "the three gains are the dual norms",
    np.array(list(gains.values())),
    np.array([np.linalg.norm(g, q) for q in DUAL.values()]),
    atol=1e-12,
)

# %% [markdown]
r"""
Why are tiny changes so strong? Take a linear score $w^\top x$ with weights drawn from $\mathcal N(0,1)$. Chosen signs move it by $\alpha\|w\|_1\approx\alpha n\sqrt{2/\pi}$, random ones by about $\alpha\sqrt n$. In many dimensions the attacker adds up what the coin cancels.
"""

# %%
alpha = 0.01
for n in (10, 1000, 100000):
    w = np.random.default_rng(n).normal(size=(40, n))
    verify_within_se(
        f"FGSM moves a linear score in {n} dimensions by α n √(2/π)",
        (w * alpha * np.sign(w)).sum(1),
        alpha * n * np.sqrt(2 / np.pi),
    )
w = np.random.default_rng(1).normal(size=1000)
tries = np.sign(rng.normal(size=(10000, 1000))) @ w * alpha
verify(
    "random signs move it by α‖w‖₂ (standard deviation)",
    tries.std(),
    alpha * np.linalg.norm(w),
    rtol=0.03,
)
verify_at_most(
    "the best of 10 000 random sign patterns against FGSM's move",
    tries.max() / (alpha * abs(w).sum()),
    0.5,
)

# %% [markdown]
r"""
(iterated-fgsm-clip)=
A network is linear only nearby, so take smaller steps, look again after each, and stay inside the allowance. Clipping to the ball and to valid pictures is done coordinate by coordinate and is the projection to the nearest allowed point:

$$
x^{(k+1)}=\operatorname{clip}_{[x-\epsilon,\,x+\epsilon]\cap[0,1]}\Bigl(x^{(k)}+\alpha\operatorname{sign}\nabla_xL(x^{(k)},y)\Bigr).
$$ (eq-adv-pgd)

From the picture itself this is iterated FGSM {cite:p}`kurakin2017`, from a random point of the ball *projected gradient descent*, PGD {cite:p}`madry2018`. One step with $\alpha=\epsilon$ is FGSM again. The function keeps the first image that fools, as the stopping rule asks.
"""


# %%
def clip(x_new, x, eps):
    return torch.minimum(torch.maximum(x_new, x - eps), x + eps).clamp(0, 1)


def pgd(net, x, y, eps, steps=10, start=None):
    """The attacked images, and the step that changed the label (0: never)."""
    alpha = eps if steps == 1 else eps / 4
    now, when = x if start is None else clip(start, x, eps), torch.zeros(len(x)).long()
    for k in range(1, steps + 1):
        going = when == 0
        new = clip(now + alpha * input_gradient(net, now, y).sign(), x, eps)
        now = torch.where(going[:, None], new, now)
        when[going & (net(now).argmax(1) != y)] = k
    return now, when


# %%
point = torch.tensor(rng.normal(0.5, 0.5, (50, 64)))
verify(
    "clip is the nearest point of both boxes",
    clip(point, X_test[:50], 0.15),
    np.clip(
        point.numpy(),
        np.maximum(X_test[:50].numpy() - 0.15, 0),
        np.minimum(X_test[:50].numpy() + 0.15, 1),
    ),
    atol=1e-15,
)
grid = [0.0, 0.05, 0.1, 0.15, 0.2]
one = [accuracy(plain, pgd(plain, X_test, y_test, e, 1)[0]) for e in grid]
ten = [accuracy(plain, pgd(plain, X_test, y_test, e)[0]) for e in grid]
verify_at_most(
    "FGSM: more ε, less accuracy, at each of four steps in ε", np.diff(one), -0.05
)
verify_at_most(
    "ten clipped steps leave at most the accuracy of one", np.array(ten), np.array(one)
)
verify_at_most("ten steps at ε = 0.2: accuracy left", ten[-1], 0.05)

# %%
moved, when = pgd(plain, X_test, y_test, 0.15)
verify(
    "the iterated attack uses its allowance and no more",
    (moved - X_test).abs().max().item(),
    0.15,
    atol=1e-12,
)
verify(
    "a label changes at the recorded step exactly where the attack succeeds",
    ((when > 0) == (plain(moved).argmax(1) != y_test)).all().item(),
    True,
)
early = pgd(plain, X_test, y_test, 0.15, 4)[1]
verify(
    "cutting the attack at four steps keeps the first four columns",
    torch.bincount(early, minlength=5)[1:],
    torch.bincount(when)[1:5],
)
first = X_test + 0.15 / 4 * torch.tensor(by_hand).sign()
verify(
    "a picture that fools after one step is left as it is",
    moved[when == 1],
    first.clamp(0, 1)[when == 1],
    atol=1e-12,
)
verify(
    "digits that fall at the first of ten steps, recomputed by hand",
    (plain(first.clamp(0, 1)).argmax(1) != y_test).sum().item(),
    torch.bincount(when)[1].item(),
)
verify(
    "the weights are bit for bit what they were before all attacks",
    all(torch.equal(p, q) for p, q in zip(before, plain.parameters())),
    True,
)

# %% [markdown]
r"""
Move $\epsilon$. Left what the network reads, in the middle the perturbation on a fixed scale, right the probabilities.
"""


# %% tags=["hide-input"]
def under_attack(epsilon):
    x = X_test[k : k + 1]
    new = pgd(plain, x, y_test[k : k + 1], epsilon, 1)[0]
    fig, axes = plt.subplots(1, 3, figsize=(6.8, 3), width_ratios=[1, 1, 1.3])
    picture(axes[0], new, "reads " + says(plain, new[0]))
    picture(axes[1], new - x, f"perturbation ≤ {epsilon:g}", -0.3, 0.3)
    p = torch.softmax(plain(new), 1)[0].numpy()
    colours = [plot.BLUE if j == y_test[k] else plot.RED for j in range(10)]
    axes[2].bar(range(10), p, color=colours)
    axes[2].set(
        ylim=(0, 1), xticks=range(10), xlabel="class", title="probability (blue: truth)"
    )
    return fig


explore(
    under_attack,
    alt="A digit under the fast gradient sign attack, its perturbation and the network's probabilities, which jump to a wrong class as epsilon grows",
    epsilon=[0.15, 0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.2, 0.3],
)

# %% mystnb={"image": {"alt": "Histogram of the number of iterated steps until the label changes, for allowances 0.1 and 0.2: with the larger allowance nearly all digits fall after two or three steps."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 2.8))
for shift, e, colour in ((-0.2, 0.1, plot.BLUE), (0.2, 0.2, plot.RED)):
    counts = torch.bincount(pgd(plain, X_test, y_test, e)[1], minlength=11).numpy()
    ax.bar(
        np.arange(11) + shift, np.roll(counts, -1), 0.4, color=colour, label=f"ε = {e}"
    )
ax.set_xticks(range(11), [*range(1, 11), "never"])
ax.set(xlabel="steps of ε/4 until the label changes", ylabel="test digits")
ax.legend()
plt.show()

# %% [markdown]
r"""
:::{admonition} What the one step maximises
:class: correction
**The notes say** that the gradient sign method is a perturbation that maximises the cost.

**Right is:** it maximises the *first-order approximation* of the cost in the box. For a linear score that is the same; for a network a search that looks again does better.
:::
"""

# %%
x, t, eps = X_test[:100], y_test[:100], 0.15
loss_of = lambda z: F.cross_entropy(plain(z), t, reduction="none")
inside = ((x > eps) & (x < 1 - eps)).double()  # no clipping there: pure first order
g = input_gradient(plain, x, t)
verify(
    "for a tiny step the gain is α‖∇L‖₁ (over pixels that are not clipped)",
    ((loss_of(x + 1e-7 * g.sign() * inside) - loss_of(x)) / 1e-7).numpy(),
    (g * inside).abs().sum(1),
    atol=1e-4,
)
z = x
for _ in range(20):
    z = clip(z + eps / 8 * input_gradient(plain, z, t).sign(), x, eps)
verify_at_least(
    "mean loss found by looking again, over FGSM's",
    (loss_of(z).mean() / loss_of(pgd(plain, x, t, eps, 1)[0]).mean()).item(),
    1.02,
)

# %% [markdown]
r"""
(targeted-attack)=
## The smallest perturbation

So far the allowance was given and the damage sought. Turn it round: which is the *smallest* change that makes the model say a class $t$ of our choice? For a classifier $C$,

$$
\min_{x'}\|x-x'\|_2^2\quad\text{subject to}\quad C(x')=t,\quad x'\in[0,1]^n .
$$ (eq-adv-targeted)

The constraint $C(x')=t$ has no useful gradient. So pay for it instead:

$$
\min_{x'\in[0,1]^n}\|x-x'\|_2^2+c\,L(x',t),\qquad c>0 .
$$ (eq-adv-penalty)

At $c=0$ the picture stays; as $c\to\infty$ the distance stops mattering and some image of class $t$ comes out. The smallest $c$ that succeeds gives the smallest change, and it is found by bisection.

(perturbation-formulation)=
In terms of $\delta=x'-x$, and with any distance $d$ in place of the square, the problem reads

$$
\min_\delta d(x,x+\delta)+c\,f(x+\delta)\quad\text{subject to}\quad x+\delta\in[0,1]^n,
$$ (eq-adv-general)

where $f$ stands for the constraint: $f(x')\le0\iff C(x')=t$. With logits $Z$ and probabilities $F=\operatorname{softmax}Z$,

| choice of f | non-positive means class t | class t means non-positive |
|---|---|---|
| $\max_{i\ne t}Z_i-Z_t$ | yes | yes |
| $\tfrac12-F_t$ | yes | no: the largest of ten may be below one half |
| $\log\sum_{i\ne t}e^{Z_i}-Z_t$ | yes | no: it is at least the maximum |

The last two are the same condition, $F_t\ge\frac12$, on two scales.
"""


# %%
def others(Z, t):
    return Z.masked_fill(F.one_hot(t, Z.shape[1]).bool(), -torch.inf)


def margin(Z, t):  # ≤ 0 exactly where t is the strongest class
    return others(Z, t).amax(1) - Z.gather(1, t[:, None])[:, 0]


def half(Z, t):
    return 0.5 - torch.softmax(Z, 1).gather(1, t[:, None])[:, 0]


def smooth(Z, t):
    return torch.logsumexp(others(Z, t), 1) - Z.gather(1, t[:, None])[:, 0]


# %%
gen = torch.Generator().manual_seed(1)
Z = 1.5 * torch.randn(10000, 10, generator=gen)
t = torch.randint(10, (10000,), generator=gen)
is_t = Z.argmax(1) == t
verify(
    "margin ≤ 0 exactly where the class is t: disagreements",
    ((margin(Z, t) <= 0) != is_t).sum(),
    0,
)
for name, f in {"½ − F_t": half, "log-sum-exp margin": smooth}.items():
    verify(f"{name} ≤ 0 but another class: points", ((f(Z, t) <= 0) & ~is_t).sum(), 0)
    verify_at_least(
        f"{name} > 0 although the class is t: points", ((f(Z, t) > 0) & is_t).sum(), 100
    )
by_loop = [max(z[j] for j in range(10) if j != s) - z[s] for z, s in zip(Z[:50], t)]
verify("the margin by a loop", margin(Z[:50], t[:50]), torch.stack(by_loop))
verify(
    "log-sum-exp margin = −logit of F_t",
    smooth(Z, t),
    -torch.special.logit(0.5 - half(Z, t)),
    atol=1e-9,
)

# %% [markdown]
r"""
(carlini-wagner-attack)=
Carlini and Wagner {cite:p}`carlini2017` tried seven such $f$. Their best pays for the logits' margin until $t$ leads by $\kappa$, and then nothing:

$$
\min_\delta\|\delta\|_2^2+c\,\bigl(\max_{i\ne t}Z(x+\delta)_i-Z(x+\delta)_t+\kappa\bigr)^+ ,\qquad(a)^+=\max(a,0).
$$ (eq-adv-cw)

For a linear pair of classes it can be solved on paper, and shows why the search for $c$ matters. Let the margin be $m-a^\top\delta$ with $m>0$. While the bracket is positive the gradient is $2\delta-ca$, zero at $\delta=\frac c2a$. That point wins when $a^\top\delta=\frac c2\|a\|^2\ge m$. For larger $c$ the minimum sits at the kink, the foot of the perpendicular. So

$$
c^*=\frac{2m}{\|a\|_2^2},\qquad\delta^*=\frac{m}{\|a\|_2^2}\,a,\qquad\|\delta^*\|_2=\frac m{\|a\|_2},
$$ (eq-adv-linear-cw)

the distance to the hyperplane. Below $c^*$ the attack fails completely; far above it the optimiser bounces across a steep kink.
"""


# %%
def cw(net, x, t, c, f=margin, kappa=0.0, steps=300, lr=0.02, box=True):
    """Minimise ‖δ‖² + c (f + κ)⁺; the smallest δ with C = t, else the last."""
    delta = torch.zeros_like(x).requires_grad_()
    adam = torch.optim.Adam([delta], lr=lr, betas=(0.5, 0.9), foreach=True)
    decay = torch.optim.lr_scheduler.ExponentialLR(adam, 0.01 ** (1 / steps))
    best, norm = torch.zeros_like(x), torch.full((len(x),), torch.inf)
    for k in range(steps + 1):
        Z, size = net(x + delta), delta.detach().norm(dim=1)
        better = (margin(Z, t) + kappa < 1e-9) & (size < norm)
        better &= k > steps // 2  # early steps overshoot: they are not the minimum
        best[better], norm[better] = delta.detach()[better], size[better]
        loss = delta.square().sum(1) + c * (f(Z, t) + kappa).clamp(min=0)
        (delta.grad,) = torch.autograd.grad(loss.sum(), delta)
        adam.step(), decay.step()
        if box:
            delta.data = (x + delta.data).clamp(0, 1) - x
    missed = norm.isinf()
    best[missed] = delta.detach()[missed]
    return best, ~missed


# %%
w = torch.tensor([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5]])
line = lambda x: x @ w.T + torch.tensor([0.0, -1.3])  # class 1 where wᵀx > 1.3
at, to = torch.tensor([[0.2, 0.4, 0.1]]), torch.tensor([1])
m, a = 1.3 - (at @ w[1]).item(), w[1]
c_star = 2 * m / (a @ a).item()
for factor, wins in ((0.95, False), (1.05, True)):
    delta, won = cw(line, at, to, factor * c_star, box=False)
    verify(f"a linear pair at {factor} c*: does the attack succeed?", won.item(), wins)
    verify(
        f"a linear pair at {factor} c*: δ",
        delta[0],
        a * min(factor * c_star / 2, m / (a @ a).item()),
        rtol=1e-2,
    )
delta, won = cw(line, at, to, 2 * c_star, kappa=0.8, box=False)
verify(
    "with κ the target leads by κ",
    (line(at + delta) @ torch.tensor([-1.0, 1.0])),
    torch.tensor([0.8]),
    rtol=5e-3,
)

verify(
    "a price that reaches the line but not κ beyond it counts as failure",
    cw(line, at, to, 1.2 * c_star, kappa=0.8, box=False)[1].item(),
    False,
)

# %% [markdown]
r"""
Now fifty digits, each to be read as the next class, with three penalties: cross-entropy as in [the relaxation](#eq-adv-penalty), the margin of the logits with $\kappa=\frac12$, and the same margin taken on probabilities. All values of $c$ run in one batch.
"""

# %%
right = (plain(X_test).argmax(1) == y_test).nonzero()[:50, 0]
x50, t50 = X_test[right], (y_test[right] + 1) % 10


def entropy_penalty(Z, t):
    return F.cross_entropy(Z, t, reduction="none")


def margin_of_probabilities(Z, t):
    return margin(torch.softmax(Z, 1), t)


def sweep(f, cs, kappa=0.0):
    """Success and mean norm of δ for each c."""
    n = len(cs)
    delta, won = cw(
        plain,
        x50.repeat(n, 1),
        t50.repeat(n),
        torch.tensor(cs).repeat_interleave(50),
        f,
        kappa,
    )
    return (
        won.reshape(n, 50).double().mean(1).numpy(),
        delta.norm(dim=1).reshape(n, 50).mean(1).numpy(),
    )


cs = [0.0, 0.1, 1.0, 10.0]
won, norms = sweep(entropy_penalty, cs)
verify("cross-entropy penalty: share won at c = 0", won[0], 0.0, atol=1e-12)
verify("cross-entropy penalty: share won at c = 1 and 10", won[2:], np.ones(2))
verify_at_least(
    "success and norm do not fall from c = 0 to 0.1 to 1",
    np.r_[np.diff(won[:3]), np.diff(norms[:3])],
    0.0,
)

# %%
logit_won, logit_norm = sweep(margin, [0.3, 1.0], 0.5)
soft_won, _ = sweep(margin_of_probabilities, [1.0, 10.0, 100.0, 1000.0])
verify_at_least(
    "margin of logits: share of targeted attacks won at c = 1", logit_won[1], 0.95
)
verify_at_most("margin of probabilities: share won at c = 1", soft_won[0], 0.3)
verify_at_most("margin of probabilities: share won, at any c up to 1000", soft_won, 0.9)
verify_at_most(
    "the logit margin asks for no larger change than cross-entropy at 10",
    logit_norm[1] / norms[3],
    1.0,
)

# %% [markdown]
r"""
:::{admonition} Logits, and a maximum that stays a number
:class: correction
**The notes say** that the margin of the probabilities $F$ is the version that works well, and offer the softmax as a smooth replacement of the maximum.

**Right is:** the version that works is the same expression on the logits $Z$. A confident network's probabilities are flat: their gradient is of order $F_t(1-F_t)$. And the smooth maximum is $\log\sum_ie^{z_i}$, between $\max_iz_i$ and $\max_iz_i+\log n$; the softmax is its gradient, a vector.
:::
"""

# %%
confident = torch.softmax(plain(x50), 1).amax(1) > 0.999
slope = {
    f.__name__: input_gradient(
        plain, x50[confident], t50[confident], lambda net, x, t: f(net(x), t).sum()
    ).norm(dim=1)
    for f in (margin, margin_of_probabilities)
}
verify_at_most(
    "confident digits: gradient of the probabilities' margin",
    slope["margin_of_probabilities"].median(),
    0.02,
)
verify_at_least(
    "confident digits: gradient of the logits' margin", slope["margin"], 1.0
)
z = torch.randn(1000, 10, generator=gen, requires_grad=True)
lse = torch.logsumexp(z, 1)
over = (lse - z.amax(1)).detach()
verify(
    "log-sum-exp lies between max and max + log n",
    ((over > 0) & (over < np.log(10))).all().item(),
    True,
)
verify(
    "the gradient of log-sum-exp is the softmax",
    torch.autograd.grad(lse.sum(), z)[0],
    torch.softmax(z, 1),
    atol=1e-12,
)

# %% tags=["hide-input"]
steps_of_c = [1.0, 0.0, 0.03, 0.1, 0.3, 3.0, 10.0, 100.0, 1000.0]
j = (y_test[right] == 3).nonzero()[0].item()
many = cw(
    plain,
    x50[j].repeat(9, 1),
    t50[j].repeat(9),
    torch.tensor(steps_of_c),
    entropy_penalty,
    steps=200,
    lr=0.05,
)[0]


def price(c):
    fig, axes = plt.subplots(1, 3, figsize=(6.8, 3))
    d = many[steps_of_c.index(c)]
    picture(axes[0], x50[j], "before: " + says(plain, x50[j]))
    picture(axes[1], d, f"δ, length {d.norm():.2f}", -0.5, 0.5)
    picture(axes[2], x50[j] + d, "after: " + says(plain, x50[j] + d))
    return fig


explore(
    price,
    alt="A three to be read as a four: picture before, perturbation and picture after, for prices c of the wrong class from nothing to a thousand",
    c=steps_of_c,
)

# %% [markdown]
r"""
(headline-perturbation)=
## The headline: no attack can do better than this

For a network nobody knows the smallest perturbation. For a linear classifier with scores $z_j=w_j^\top x+b_j$ we do. To pass from class $y$ to class $j$ the gap $m_j=z_y-z_j$ must be closed, and by [the theorem on steepest directions](#fgsm) a perturbation of size $\epsilon$ closes at most $\epsilon\|w_j-w_y\|_q$ of it. Hence

$$
\min\bigl\{\|\delta\|_p:C(x+\delta)\ne y\bigr\}=\min_{j\ne y}\frac{z_y-z_j}{\|w_j-w_y\|_q},\qquad\frac1p+\frac1q=1 .
$$ (eq-adv-exact)

The attacks know none of this; they get a function to differentiate. PGD runs in each of the three norms towards each of the nine other classes with bisection on $\epsilon$, Carlini and Wagner's attack in $\|\cdot\|_2$ with bisection on $c$. The smallest success counts. (Without the box $[0,1]^n$, for which there is no formula.)

The projections onto the three balls differ: clip for $p=\infty$, rescale for $p=2$, and for $p=1$ shrink all entries by one threshold $\tau$ until the sum fits, $\operatorname{sign}(v)(|v|-\tau)^+$. It is found by sorting.
"""


# %%
def project(v, eps, p):
    """The nearest point of the ball ‖·‖_p ≤ eps, for every row; eps of shape (n, 1)."""
    if p == np.inf:
        return torch.minimum(torch.maximum(v, -eps), eps)
    if p == 2:
        return v * (eps / v.norm(dim=1, keepdim=True).clamp(min=1e-30)).clamp(max=1)
    u = v.abs().sort(1, descending=True).values
    thresholds = (u.cumsum(1) - eps) / torch.arange(1, v.shape[1] + 1)
    tau = thresholds.amax(1, keepdim=True).clamp(min=0)  # largest average excess
    return v.sign() * (v.abs() - tau).clamp(min=0)


v = torch.tensor(rng.normal(size=(20, 5)))
for p in DUAL:
    P = project(v, torch.full((20, 1), 0.8), p)
    corner = torch.tensor(rng.normal(size=(500, 1, 5)))
    corner = 0.8 * corner / corner.norm(p, dim=2, keepdim=True)
    verify(
        f"projection, p = {p:g}: norms",
        P.norm(p, dim=1),
        v.norm(p, dim=1).clamp(max=0.8),
        atol=1e-12,
    )
    verify_at_most(
        f"projection, p = {p:g}: ⟨v − Pv, u − Pv⟩ ≤ 0 for all u of the ball",
        ((v - P) * (corner - P)).sum(2).amax().item(),
        0,
        atol=1e-12,
    )


# %%
def smallest_by_pgd(net, x, t, p, rounds=14, steps=6):
    """Bisection for the smallest eps at which PGD in the p-ball reaches class t."""
    low, high = torch.full((len(x), 1), -7.0), torch.full((len(x), 1), 4.0)
    for _ in range(rounds):
        eps, delta = ((low + high) / 2).exp(), torch.zeros_like(x)
        for _ in range(steps):
            g = input_gradient(
                net, x + delta, t, lambda n, x, t: -margin(n(x), t).sum()
            )
            delta = project(delta + eps / 2 * steepest(g, p), eps, p)
        won = (margin(net(x + delta), t) <= 0)[:, None]
        low, high = torch.where(won, low, eps.log()), torch.where(won, eps.log(), high)
    return high.exp()[:, 0]


def smallest_by_cw(net, x, t, rounds=11):
    """Bisection for log c; the smallest successful δ on the way, and the smallest c."""
    low, high = torch.full((len(x),), -7.0), torch.full((len(x),), 4.0)
    best = torch.full((len(x),), torch.inf)
    for _ in range(rounds):
        c = (low + high) / 2
        delta, won = cw(net, x, t, c.exp(), steps=160, lr=0.02, box=False)
        best = torch.where(won, torch.minimum(best, delta.norm(dim=1)), best)
        low, high = torch.where(won, low, c), torch.where(won, c, high)
    return best, high.exp()


# %%
softmax_fit = LogisticRegression(C=1.0, max_iter=500).fit(X, y)
W, b = torch.tensor(softmax_fit.coef_), torch.tensor(softmax_fit.intercept_)
linear = lambda x: x @ W.T + b
chosen20 = (linear(X_test).argmax(1) == y_test).nonzero()[:20, 0]
xs, ys = X_test[chosen20], y_test[chosen20]
wrong = torch.stack([torch.arange(10)[torch.arange(10) != k] for k in ys])  # (20, 9)
x9, t9 = xs.repeat_interleave(9, 0), wrong.reshape(-1)
gap = (linear(xs).gather(1, ys[:, None]) - linear(xs)).gather(1, wrong)
away = W[wrong] - W[ys][:, None]  # (20, 9, 64)
exact = {p: (gap / away.norm(q, dim=2)).amin(1) for p, q in DUAL.items()}

# %%
found = {p: smallest_by_pgd(linear, x9, t9, p).reshape(20, 9).amin(1) for p in DUAL}
by_cw, c_found = smallest_by_cw(linear, x9, t9)
headline(
    "the smallest perturbation that fools a linear classifier, found by attacks in "
    "three norms, against the closed form",
    torch.cat([*found.values(), by_cw.reshape(20, 9).amin(1)]),
    torch.cat([*exact.values(), exact[2]]),
    rtol=0.01,
)

# %%
verify(
    "line search on c ends at c* = 2m/‖a‖²: median ratio over 180 targets",
    (c_found / (2 * gap / away.square().sum(2)).reshape(-1)).median(),
    1.0,
    atol=0.03,
)
u = (exact[2] * 0.99)[:, None] * F.normalize(
    torch.randn(3000, 20, 64, generator=gen), dim=2
)
verify(
    "60 000 random directions, 1 % shorter than the formula: digits that change",
    (linear(xs + u).argmax(2) != ys).sum(),
    0,
)
verify(
    "one norm's answer is not another's: ‖δ‖₁ against ‖δ‖∞, smallest ratio above 8",
    bool((exact[1] / exact[np.inf]).min() > 8),
    True,
)

# %% mystnb={"image": {"alt": "Smallest perturbation found by four attacks against the closed form, both axes logarithmic: all dots for the maximum, Euclidean and absolute norm lie on the diagonal."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3.3))
for p, colour, name in (
    (np.inf, plot.BLUE, "PGD, ∞"),
    (2, plot.GREEN, "PGD, 2"),
    (1, plot.RED, "PGD, 1"),
):
    ax.loglog(exact[p], found[p], "o", ms=5, color=colour, label=name)
ax.loglog(
    exact[2],
    by_cw.reshape(20, 9).amin(1),
    "x",
    ms=8,
    color=plot.ORANGE,
    label="Carlini–Wagner, 2",
)
ax.loglog([0.01, 5], [0.01, 5], color=plot.GREY, lw=1)
ax.set(xlabel="closed form", ylabel="smallest δ found")
ax.legend()
plt.show()

# %% [markdown]
r"""
Eighty numbers on the diagonal. So when an attack on a network fails, the attack itself is not the first suspect; but that it *found* nothing is never a proof that nothing is there. For that we shall need bounds.
"""

# %% [markdown]
r"""
(attack-knowledge-levels)=
## What the attacker knows

A *white-box* attacker has the model and may differentiate it (changing the weights is not allowed). A *grey-box* attacker knows parts, say the architecture and the data. A *black-box* attacker can only ask: picture in, label out.

(transfer-attack-substitute)=
Without gradients one can make some. Ask the target about pictures of one's own, train a *substitute* on its answers, attack the substitute, and hand the result to the target {cite:p}`papernot2017`. It works more often than it should, because two networks that learned the same task lean on the same fragile directions. Our substitute is narrower than the target and never sees a true label.

Three attackers, one interface: each gets $x$ and $y$ and returns pictures within $\epsilon=0.15$. The first may ask 500 times and keeps whatever random signs happened to fool.
"""

# %%
answers = plain(X).argmax(1)  # 1400 queries; the true labels are not used
substitute = train(make(width=48, seed=7), answers, epochs=15)


def ask(x, y, eps, queries=500):
    now, dice = x.clone(), torch.Generator().manual_seed(3)
    for _ in range(queries):
        noise = torch.randint(2, x.shape, generator=dice) * 2.0 - 1
        new = (x + eps * noise).clamp(0, 1)
        hit = plain(new).argmax(1) != y
        now[hit] = new[hit]
    return now


attackers = {
    "black box, 500 queries": lambda x, y, eps: ask(x, y, eps),
    "substitute, 1400 queries": lambda x, y, eps: pgd(substitute, x, y, eps, 1)[0],
    "white box, gradients": lambda x, y, eps: pgd(plain, x, y, eps, 1)[0],
}
left = {}
for name, attack in attackers.items():
    new = attack(X_test, y_test, 0.15)
    verify(
        f"{name}: no pixel moves by more than ε",
        bool((new - X_test).abs().max() < 0.15 + 1e-12),
        True,
    )
    left[name] = accuracy(plain, new)
    print(f"{name:25} leaves the target an accuracy of {left[name]:.2f}")

# %%
verify_at_most(
    "each attacker leaves at most what the one who knows less leaves",
    np.diff(list(left.values())),
    0.0,
)
verify_at_most(
    "accuracy of the target under the substitute's examples",
    left["substitute, 1400 queries"],
    0.4,
)
verify_at_least(
    "accuracy of the target after 500 random queries a digit",
    left["black box, 500 queries"],
    0.6,
)

# %% [markdown]
r"""
(universal-perturbation)=
The laziest attacker computes once. A *universal perturbation* is a single $v$, $\|v\|\le\epsilon$, that breaks the model on most inputs $x+v$ {cite:p}`moosavi2017`. Climb the mean loss over the training pictures; judge on pictures that $v$ has never met.
"""

# %%
v = torch.zeros(1, 64)
for _ in range(40):
    now = (X + v).clamp(0, 1)
    standing = plain(now).argmax(1) == y  # those that are down need no more pushing
    mean_gradient = input_gradient(plain, now[standing], y[standing]).mean(0)
    v = (v + 0.02 * mean_gradient.sign()).clamp(-0.2, 0.2)

noise = torch.randint(2, (20, 1, 64), generator=gen) * 0.4 - 0.2
by_chance = np.array([accuracy(plain, (X_test + n).clamp(0, 1)) for n in noise])
verify("the universal perturbation stays within ±0.2", v.abs().max(), 0.2, atol=1e-12)
verify_at_most(
    "unseen digits + the universal perturbation: accuracy",
    accuracy(plain, X_test + v),
    0.35,
)
verify_at_most(
    "the same, clipped to valid grey values: accuracy",
    accuracy(plain, (X_test + v).clamp(0, 1)),
    0.5,
)
verify_at_least(
    "unseen digits + one random sign pattern ±0.2: mean accuracy",
    by_chance.mean(),
    0.75,
)

# %% mystnb={"image": {"alt": "The universal perturbation as a grey picture, followed by three digits to which it has been added; a person reads them without trouble, the network does not."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(6.8, 2.2))
picture(axes[0], v, "v", -0.2, 0.2)
spoiled = (X_test + v).clamp(0, 1)
show = (plain(spoiled).argmax(1) != y_test).nonzero()[[0, 3, 5], 0]
for ax, i in zip(axes[1:], show):
    picture(ax, spoiled[i], f"{y_test[i]} + v: " + says(plain, spoiled[i]))
plt.show()

# %% [markdown]
r"""
(adversarial-training)=
## Defending, and knowing that one has

Let the attacker help: make the examples during training and give them the right label,

$$
\min_\theta\;\mathbb E\max_{\|\delta\|_\infty\le\epsilon}L(x+\delta,y;\theta).
$$ (eq-adv-training)

The inner maximum is what PGD approximates. By Danskin's theorem the gradient in $\theta$ at the maximising $\delta$, held fixed, is the gradient of the maximum; so attack, then take an ordinary step.

But an attack can only ever show weakness. The accuracy it leaves is an *upper* bound of the robust accuracy. A lower bound must hold for every $\delta$ at once, and intervals give one {cite:p}`gowal2018`. If $x'$ lies between $\mu-r$ and $\mu+r$ in every coordinate, then $Wx'+b$ lies between

$$
(W\mu+b)-|W|\,r\quad\text{and}\quad(W\mu+b)+|W|\,r ,
$$ (eq-adv-interval)

because the worst case takes the sign of each weight (FGSM once more); and a monotone activation maps ends to ends. Push the box through the first layer and the ReLU; in the last layer bound not the logits but their differences $z_y-z_j$ directly, with weights $w_y-w_j$. If all nine are positive at their lower end, *no* perturbation within $\epsilon$ changes the class.

:::{prf:theorem} Certificate
:label: thm-adv-certificate
For every $\epsilon$: certified accuracy $\le$ robust accuracy $\le$ accuracy under any attack. If the attack may also return $x$, the last is $\le$ clean accuracy.
:::
"""


# %%
def affine(mean, radius, W, b):
    """The box around W x + b when x lies in the box mean ± radius."""
    return mean @ W.mT + b, radius @ W.abs().mT


def margins_below(net, x, y, eps):
    """A lower bound of z_y − z_j over the ball, for every j: (n, 10), 0 at j = y."""
    low, high = (x - eps).clamp(0, 1), (x + eps).clamp(0, 1)
    mean, radius = affine(
        (low + high) / 2, (high - low) / 2, net[0].weight, net[0].bias
    )
    low, high = F.relu(mean - radius), F.relu(mean + radius)
    V = net[2].weight[y][:, None] - net[2].weight  # (n, 10, width)
    c = net[2].bias[y][:, None] - net[2].bias
    mean, radius = affine(
        ((low + high) / 2)[:, None], ((high - low) / 2)[:, None], V, c[:, None]
    )
    return (mean - radius)[:, 0]


def certified(net, eps):
    low = margins_below(net, X_test, y_test, eps)
    return (others(-low, y_test).amax(1) < 0).double().mean().item()


# %%
def by_scalars(net, x, y, eps):
    """The same bound for one picture, one number at a time."""
    low, high = np.maximum(x - eps, 0), np.minimum(x + eps, 1)
    W, b, V, c = (p.detach().numpy() for p in net.parameters())
    down, up = b.copy(), b.copy()
    for h in range(len(b)):
        for i in range(64):
            ends = W[h, i] * low[i], W[h, i] * high[i]
            down[h], up[h] = down[h] + min(ends), up[h] + max(ends)
    down, up, out = np.maximum(down, 0), np.maximum(up, 0), np.zeros(10)
    for j in range(10):
        out[j] = c[y] - c[j]
        for h in range(len(b)):
            w = V[y, h] - V[j, h]
            out[j] += min(w * down[h], w * up[h])
    return out


loops = np.array(
    [by_scalars(plain, X_test[i].numpy(), y_test[i].item(), 0.07) for i in range(3)]
)
verify(
    "interval bounds: matrices against scalar interval arithmetic",
    margins_below(plain, X_test[:3], y_test[:3], 0.07),
    loops,
    atol=1e-10,
)
Z0 = plain(X_test)
verify(
    "at ε = 0 the bound is the margin itself",
    margins_below(plain, X_test, y_test, 0.0),
    Z0.gather(1, y_test[:, None]) - Z0,
    atol=1e-10,
)

# %% [markdown]
r"""
Three networks of the same size from the same start: one trained plainly, one on five-step attacks at $\epsilon=0.15$, one by making the *bound* itself the logits of the loss, with $\epsilon$ growing to 0.1 over the first half of training.
"""


# %%
def on_attacks(net, x, y):
    return cross_entropy(net, pgd_fixed(net, x, y, 0.15), y)


def pgd_fixed(net, x, y, eps, steps=5):
    """PGD without the stopping rule: always the last image."""
    now = x
    for _ in range(steps):
        now = clip(now + eps / 2 * input_gradient(net, now, y).sign(), x, eps)
    return now


def on_bounds(net, x, y):
    eps = 0.1 * min(1, 2 * net.done)
    return F.cross_entropy(-margins_below(net, x, y, eps), y, reduction="sum")


nets = {
    "plain": plain,
    "on attacks": train(make(), y, on_attacks),
    "on bounds": train(make(), y, on_bounds, epochs=30),
}
EPS = np.array([0, 0.02, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4])
attacked, lower = {}, {}
for name, net in nets.items():
    already = net(X_test).argmax(1) != y_test  # clean mistakes stay mistakes
    attacked[name] = np.array(
        [
            ((net(pgd(net, X_test, y_test, e)[0]).argmax(1) == y_test) & ~already)
            .double()
            .mean()
            .item()
            for e in EPS
        ]
    )
    lower[name] = np.array([certified(net, e) for e in EPS])

# %%
clean = {name: accuracy(net, X_test) for name, net in nets.items()}
for name in nets:
    verify_at_most(
        f"trained {name}: certificate ≤ accuracy under attack, at 9 values of ε",
        lower[name],
        attacked[name],
    )
    verify_at_most(
        f"trained {name}: accuracy under attack ≤ clean accuracy",
        attacked[name],
        clean[name],
    )
    verify(
        f"trained {name}: at ε = 0 certificate and attack meet in the clean accuracy",
        np.array([lower[name][0], attacked[name][0]]),
        np.full(2, clean[name]),
    )
gain = attacked["on attacks"] - attacked["plain"]
verify_at_least("training on attacks: accuracy won at ε = 0.15", gain[5], 0.35)
verify_at_most(
    "training on attacks: clean accuracy lost",
    clean["plain"] - clean["on attacks"],
    0.03,
)
verify_at_most(
    "training on attacks: accuracy left at ε = 0.4", attacked["on attacks"][8], 0.05
)
verify_at_least(
    "training on bounds: share proved safe at ε = 0.1", lower["on bounds"][4], 0.5
)
verify_at_most("plain training: share proved safe at ε = 0.1", lower["plain"][4], 0.05)

# %% mystnb={"image": {"alt": "Accuracy against epsilon in three panels, trained plainly, on attacks and on bounds: clean accuracy as a flat line, below it the accuracy under attack, below that the certificate. The gap between the last two is widest for plain training and narrowest for training on bounds."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(6.8, 3.1), sharey=True)
for ax, name in zip(axes, nets):
    ax.axhline(clean[name], color=plot.GREY, ls=":", label="clean")
    ax.plot(EPS, attacked[name], "o-", ms=4, color=plot.RED, label="attack")
    ax.plot(EPS, lower[name], "s-", ms=4, color=plot.BLUE, label="certified")
    ax.fill_between(EPS, lower[name], attacked[name], color=plot.GREY, alpha=0.15)
    ax.set(title=f"trained {name}", xlabel="ε", ylim=(-0.03, 1.03))
axes[0].set_ylabel("test accuracy")
axes[0].legend()
plt.show()

# %% [markdown]
r"""
The truth lies in the grey. For the plain network the certificate is silent where the attack is still harmless; training on attacks lifts the red line, training on bounds lifts the blue one as well, at the price of some clean accuracy. And beyond the $\epsilon$ one trained for, nothing was promised and little is left.

The certificate has to survive more than our own attack. Look for a counterexample with ten thousand random corners of the box, and in the one direction that the bound considers worst.
"""

# %%
net = nets["on bounds"]
x, t = X_test[:20], y_test[:20]
bound = margins_below(net, x, t, 0.1)
corners = torch.randint(2, (500, 20, 64), generator=gen) * 0.2 - 0.1
Z = net((x + corners).clamp(0, 1))  # (500, 20, 10)
seen = Z.gather(2, t.expand(500, 20)[..., None]) - Z
verify_at_least(
    "10 000 random corners: smallest margin minus its lower bound",
    (seen.amin(0) - bound).amin().item(),
    0.0,
    atol=1e-12,
)
mean, radius = affine(x, torch.full_like(x, 0.1), W[3:4] - W[5:6], b[3:4] - b[5:6])
worst = x - 0.1 * (W[3] - W[5]).sign()
verify(
    "for one linear layer the bound is attained",
    (mean - radius)[:, 0],
    (linear(worst)[:, 3] - linear(worst)[:, 5]),
    atol=1e-12,
)

# %% [markdown]
r"""
(limits-of-robustness)=
### How robust can anything be?

Uniform points on the sphere in $\mathbb R^d$, an arbitrary set of half the measure labelled *wrong*. How far is a typical point from it? The isoperimetric inequality says: the worst set for the attacker is the half-sphere. Its neighbourhood of angle $\rho$ is $\{x_1>-\sin\rho\}$, and a coordinate of a uniform point has standard deviation about $1/\sqrt d$. So 95 % of all points are within

$$
\rho_{0.95}\approx\frac{1.645}{\sqrt{d-1}}
$$ (eq-adv-sphere)

of *any* set of measure one half. The norm of $x$ is 1, the perturbation shrinks like $1/\sqrt d$. Data made by a smooth generator from a Gaussian inherit such a bound {cite:p}`fawzi2018`.

Slide the dimension and see the distances to the half-sphere gather near zero.
"""


# %% tags=["hide-input"]
def sphere(d):
    points = np.random.default_rng(0).normal(size=(8000, d))
    angle = np.degrees(
        np.arcsin(np.maximum(-points[:, 0], 0) / np.linalg.norm(points, axis=1))
    )
    fig, ax = plt.subplots(figsize=(6.8, 3))
    ax.hist(
        angle,
        bins=np.arange(0, 91, 2),
        weights=np.full(8000, 1 / 8000),
        color=plot.BLUE,
    )
    ax.axvline(
        np.degrees(1.645 / np.sqrt(d - 1)), color=plot.RED, label="$1.645/\\sqrt{d-1}$"
    )
    ax.set(
        xlabel="degrees to the half-sphere",
        ylabel="share of the points",
        ylim=(0, 0.75),
        title=f"95 % are within {np.quantile(angle, 0.95):.1f} degrees",
    )
    ax.legend()
    return fig


explore(
    sphere,
    alt="Histogram of the angle from uniform points on a sphere to a half-sphere; the higher the dimension, the closer all points are, with 95 percent left of the red line",
    d=[10, 3, 5, 20, 50, 100, 200, 500],
)

# %%
for d in (10, 100, 1000):
    first = stats.beta((d - 1) / 2, (d - 1) / 2)  # law of (1 + x₁)/2 on the sphere
    rho = np.arcsin(1 - 2 * first.ppf(0.05))
    verify(
        f"sphere in {d} dimensions: exact 95 % distance against 1.645/√(d − 1)",
        rho,
        1.645 / np.sqrt(d - 1),
        rtol=0.05,
    )
    points = np.random.default_rng(d).normal(size=(4000, d))
    inside = points[:, 0] > -np.sin(rho) * np.linalg.norm(points, axis=1)
    verify_within_se(
        f"sphere in {d} dimensions: share of points within that distance",
        inside.astype(float),
        0.95,
    )

# %% [markdown]
r"""
:::{admonition} Not for every classifier, not for all data
:class: correction
**The notes say** that for an arbitrary classifier there always exist small adversarial perturbations.

**Right is:** only under assumptions on the data and on the error. A constant classifier has none. If the classes are $2r$ apart, the nearest-neighbour rule has none shorter than $r$: a point of a class moved by less than $r$ is still nearer to where it was than to any point of the other class.
:::
"""

# %%
r, rng = 0.5, np.random.default_rng(2)
A = rng.uniform(-1, 1, (1000, 5))
A[:, 0] = np.sign(A[:, 0]) * (abs(A[:, 0]) + r)  # the gap between the classes is 2r
label = A[:, 0] > 0
toward = -np.sign(A[:, :1]) * np.eye(5)[0]


def mistakes(size):  # the most harmful direction: straight at the other class
    far = ((A + size * toward)[:, None] - A) ** 2
    return (label[far.sum(2).argmin(1)] != label).sum()


verify(
    "classes 2r apart, nearest neighbour: mistakes at 0.999 r", mistakes(0.999 * r), 0
)
verify_at_least("the same at 4 r: mistakes", mistakes(4 * r), 900)
constant = nn.Sequential(nn.Linear(64, 10)).requires_grad_(False)
constant[0].weight.zero_()
verify(
    "a constant classifier: answers changed by PGD at ε = 0.4",
    (
        constant(pgd(constant, X_test, y_test, 0.4)[0]).argmax(1)
        != constant(X_test).argmax(1)
    ).sum(),
    0,
)

# %% [markdown]
r"""
(attacks-on-graphs-and-shapes)=
## Not only pictures

On a graph an attacker has a second weapon: the domain itself. Zachary's karate club split in two, around its members 0 and 33. Give these two the labels $+1$ and $-1$, and let everyone else take the mean of their neighbours until nothing changes: with the graph Laplacian $\mathcal L$, for the unlabelled $u$, $\mathcal L_{uu}f_u=-\mathcal L_{u\ell}f_\ell$. All but one of the 34 members end on the side they really chose. Now add a single friendship. What is noticeable here is not a norm of pixels but that two degrees grew by one.
"""

# %%
karate = nx.karate_club_graph()
truth = np.array([1 if karate.nodes[i]["club"] == "Mr. Hi" else -1 for i in range(34)])
adjacency = nx.to_numpy_array(karate, weight=None)
u = np.arange(1, 33)


def propagate(A):
    f = np.zeros(34)
    f[[0, 33]] = 1, -1
    L = np.diag(A.sum(1)) - A
    f[u] = np.linalg.solve(L[np.ix_(u, u)], -L[np.ix_(u, [0, 33])] @ f[[0, 33]])
    return f


f0, averaged = propagate(adjacency), np.zeros(34)
for _ in range(400):
    averaged[[0, 33]] = 1, -1
    averaged = np.array([averaged[list(karate[i])].mean() for i in range(34)])
averaged[[0, 33]] = 1, -1
verify(
    "solving the system = averaging over neighbours until it stops",
    f0,
    averaged,
    atol=1e-6,
)
verify("members on the right side", (np.sign(f0) == truth).sum(), 33)

# %%
added, flipped = [], set()
for i, j in nx.non_edges(karate):
    A = adjacency.copy()
    A[i, j] = A[j, i] = 1
    changed = np.flatnonzero(np.sign(propagate(A)) != np.sign(f0))
    if len(changed):
        added.append((i, j))
        flipped |= set(changed.tolist())
# all at once, from the inverse without the new edge (Sherman and Morrison)
G = np.zeros((34, 34))
G[np.ix_(u, u)] = np.linalg.inv((np.diag(adjacency.sum(1)) - adjacency)[np.ix_(u, u)])
again = set()
for i, j in nx.non_edges(karate):
    f = f0 - (G[:, i] - G[:, j]) * (f0[i] - f0[j]) / (
        1 + G[i, i] + G[j, j] - 2 * G[i, j]
    )
    again |= {(i, j)} if (np.sign(f) != np.sign(f0)).any() else set()
verify(
    "new friendships that make somebody change sides, by a formula and one by one",
    len(again),
    len(added),
)
verify("the same friendships", again == set(added), True)
verify("of 483 possible friendships, those that turn somebody", len(added), 69)
verify("members who can be turned by one new friendship", len(flipped), 6)

# %% [markdown]
r"""
Shapes bring a third problem. A small network in the manner of PointNet looks at each of 64 points alone, takes the maximum over the points and decides: sphere or cube. Moving three of the 64 points is a sparse attack. And a perturbation that spreads over the shape can be *smooth*: a combination of the lowest eigenvectors $u_1,\dots,u_k$ of the Laplacian of the neighbour graph, optimised in its coefficients. Smoothness is measured by the Rayleigh quotient $\delta^\top\mathcal L\delta/\|\delta\|^2\le\lambda_k$, and noise has about the mean of all eigenvalues.
"""


# %%
def shapes(n, gen):
    """Half spheres (0), half cubes (1) of equal mean square radius: (n, 64, 3)."""
    v = torch.randn(n, 64, 3, generator=gen)
    kind = torch.arange(n) % 2
    v = torch.where(
        (kind == 0)[:, None, None],
        v / v.norm(dim=2, keepdim=True),
        v / v.abs().amax(2, keepdim=True) / 1.29,
    )
    return v + 0.03 * torch.randn(n, 64, 3, generator=gen), kind


class PointNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.each = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 32))
        self.all = nn.Linear(32, 2)

    def forward(self, points):  # (n, 64, 3) -> (n, 2)
        return self.all(self.each(points).amax(1))


gen = torch.Generator().manual_seed(0)
torch.manual_seed(0)
pointnet = PointNet()
adam = torch.optim.Adam(pointnet.parameters(), lr=1e-2)
for _ in range(200):
    v, kind = shapes(64, gen)
    adam.zero_grad()
    F.cross_entropy(pointnet(v), kind).backward()
    adam.step()
pointnet.requires_grad_(False)
v, kind = shapes(200, gen)
verify_at_least(
    "sphere or cube: accuracy on 200 new shapes",
    (pointnet(v).argmax(1) == kind).double().mean(),
    0.95,
)
v, kind = v[pointnet(v).argmax(1) == kind], kind[pointnet(v).argmax(1) == kind]


# %%
def shape_gradient(v):
    return input_gradient(pointnet, v, kind)


share = lambda delta: (pointnet(v + delta).argmax(1) != kind).double().mean()
three = torch.zeros(len(v), 64)
three.scatter_(1, shape_gradient(v).norm(dim=2).topk(3, 1).indices, 1.0)
delta = torch.zeros_like(v)
for _ in range(20):
    g = shape_gradient(v + delta) * three[..., None]
    delta = delta + 0.05 * g / g.norm(dim=2, keepdim=True).clamp(min=1e-12)
verify("points moved of 64", (delta.norm(dim=2) > 0).sum(1).max(), 3)
verify_at_least("share of shapes that three moved points turn", share(delta), 0.5)

# %%
distance = torch.cdist(v, v)
near = (distance < distance.sort(2).values[..., 6:7]).double()
A = torch.maximum(near, near.mT) - torch.eye(64)  # six nearest, symmetric
laplacian = torch.diag_embed(A.sum(2)) - A
lam, U = torch.linalg.eigh(laplacian)
low = U[..., :8]  # the eight smoothest eigenvectors of each shape
delta = torch.zeros_like(v)
for _ in range(20):
    coefficients = low.mT @ shape_gradient(v + delta)
    step = low @ coefficients
    delta = delta + 0.2 * step / step.flatten(1).norm(dim=1)[:, None, None].clamp(
        min=1e-12
    )
noise = torch.randn(v.shape, generator=gen)
noise = noise * (delta.norm(dim=(1, 2)) / noise.norm(dim=(1, 2)))[:, None, None]


def rayleigh(d):
    return (d * (laplacian @ d)).sum((1, 2)) / d.square().sum((1, 2))


verify_at_least(
    "smooth attack: share of shapes turned, over that of noise of its length",
    share(delta) - share(noise),
    0.3,
)
verify_at_most(
    "smooth attack: Rayleigh quotient against the eighth eigenvalue",
    (rayleigh(delta) / lam[:, 7]).numpy(),
    1.0,
    atol=1e-9,
)
verify(
    "smooth attack: its part along the 56 rougher eigenvectors",
    (U[..., 8:].mT @ delta).abs().max(),
    0.0,
    atol=1e-9,
)
verify(
    "noise: mean Rayleigh quotient against the mean eigenvalue",
    rayleigh(noise).mean(),
    lam.mean(),
    rtol=0.05,
)

# %% [markdown]
r"""
A universal perturbation in these coordinates, the same coefficients for every shape, is the way to carry one attack from shape to shape: points have no common numbering, but smooth functions on similar shapes do.
"""

# %% [markdown]
r"""
(generative-adversarial-network)=
(gan)=
## Two players

Now the other game. A *generator* $G$ turns noise $z\sim\mathcal N(0,I)$ into samples $G(z)$, whose density we call $p_g$. Nobody can evaluate that density. How can one train $G$ towards the data then? Train a second network to tell the difference, and use it {cite:p}`goodfellow2014`.

Flip a coin; show the *discriminator* $D$ a real point or a generated one. The joint density is $\tilde p(x,1)=\frac12p_{\text{data}}(x)$, $\tilde p(x,0)=\frac12p_g(x)$, and $D(x)\in(0,1)$ is its guess for the probability of *real*. It wants to be right; $G$ wants it to be wrong:

$$
\min_G\max_D\;V(D,G),\qquad V(D,G)=\mathbb E_{x\sim p_{\text{data}}}\log D(x)+\mathbb E_z\log\bigl(1-D(G(z))\bigr).
$$ (eq-adv-gan)

:::{admonition} Which density is the fake one
:class: correction
**The notes say** that the generated class has the joint density $\frac12p_n(x)$, a noise density.

**Right is:** $\frac12p_\theta(x)$, the generator's own; the $p_n$ is left over from noise-contrastive estimation, where the opponent is fixed. Only so does Bayes' rule give the $p/(p+p_\theta)$ used afterwards.
:::

Bayes' rule by counting: draw from the mixture, look only at points near $x$, and ask how many are real.
"""

# %%
rng = np.random.default_rng(5)
is_real = rng.random(400000) < 0.5
drawn = np.where(is_real, rng.normal(1, 1, 400000), rng.normal(-1, 1, 400000))
normal = lambda m, s=1.0: stats.norm(m, s).pdf
for at in (-0.5, 0.0, 0.8):
    near_at = abs(drawn - at) < 0.05
    verify_within_se(
        f"share of real points near x = {at}: p/(p + p_θ)",
        is_real[near_at].astype(float),
        normal(1)(at) / (normal(1)(at) + normal(-1)(at)),
    )

# %% [markdown]
r"""
(gan-discriminator-score)=
Both terms of the score are at most 0, and 0 only for a discriminator that is certain and right. It is nothing new: label real points 1 and generated ones 0, and $V$ is minus twice the [binary cross-entropy](#binary-cross-entropy-loss) of a batch with equally many of both.

:::{admonition} Why the logarithm
:class: correction
**The notes say** that the logarithm is there because it is monotonic and so makes big numbers bigger, and write one expectation over $x\sim p_g$ that belongs to the data.

**Right is:** the logarithm is concave: it squeezes large values together and punishes those near 0. Monotonicity keeps only the order. The reason for it is likelihood: $V$ is the log-likelihood of a Bernoulli variable. And the first expectation is over $p_{\text{data}}$.
:::
"""


# %%
def V(real_logits, fake_logits):  # log D = −softplus(−a), log(1 − D) = −softplus(a)
    return -F.softplus(-real_logits).mean() - F.softplus(fake_logits).mean()


a_real, a_fake = torch.randn(2, 300, generator=gen)
D_real, D_fake = torch.sigmoid(a_real).numpy(), torch.sigmoid(a_fake).numpy()
verify(
    "V by its definition",
    V(a_real, a_fake),
    np.log(D_real).mean() + np.log(1 - D_fake).mean(),
    atol=1e-12,
)
verify(
    "V = −2 · binary cross-entropy",
    V(a_real, a_fake),
    -2
    * F.binary_cross_entropy_with_logits(
        torch.cat([a_real, a_fake]), torch.cat([torch.ones(300), torch.zeros(300)])
    ),
    atol=1e-12,
)
verify(
    "always undecided: V = −log 4",
    V(torch.zeros(9), torch.zeros(9)),
    -np.log(4),
    atol=1e-12,
)
verify_at_most(
    "always sure of “real”: V",
    V(torch.full((9,), 500.0), torch.full((9,), 500.0)),
    -499,
)
verify(
    "a confident error costs more than a confident success gains",
    np.log([0.9, 0.5, 0.01]),
    np.array([-0.10536, -0.69315, -4.60517]),
    atol=1e-5,
)

# %% [markdown]
r"""
(gan-optimal-discriminator)=
### The best reply of the discriminator

Fix $G$. Written as an integral, $V=\int p\log D+q\log(1-D)\,dx$ with $p=p_{\text{data}}$, $q=p_g$, and $D$ may be chosen at every $x$ alone. So maximise $h(a)=p\log a+q\log(1-a)$:

$$
h'(a)=\frac pa-\frac q{1-a}=0\iff p(1-a)=qa\iff a=\frac p{p+q},
$$

and $h''(a)=-\frac p{a^2}-\frac q{(1-a)^2}<0$ makes it the maximum.

:::{prf:theorem} Optimal discriminator
:label: thm-adv-discriminator
For fixed $G$, $V(D,G)$ is largest at $D^*(x)=\dfrac{p_{\text{data}}(x)}{p_{\text{data}}(x)+p_g(x)}$. The logit of $D^*$ is the log-ratio $\log p_{\text{data}}(x)/p_g(x)$.
:::

:::{admonition} The place and the height of a maximum
:class: correction
**The notes say** that the maximal score of the optimal discriminator is $p/(p+q)$.

**Right is:** that is the maximising *output* $a^*$. The score there is $p\log\frac p{p+q}+q\log\frac q{p+q}\le0$.
:::
"""

# %%
p, q = rng.uniform(0.05, 2, (2, 100, 1))
outputs = np.linspace(1e-4, 1 - 1e-4, 9999)
score = p * np.log(outputs) + q * np.log(1 - outputs)  # (100, 9999)
verify(
    "best output by grid search against p/(p + q)",
    outputs[score.argmax(1)],
    (p / (p + q))[:, 0],
    atol=1e-4,
)
verify(
    "the score there",
    score.max(1),
    (p * np.log(p / (p + q)) + q * np.log(q / (p + q)))[:, 0],
    atol=1e-6,
)

# %%
P, Q = rng.dirichlet(np.ones(6), 2)  # six atoms
fit6 = optimize.minimize(
    lambda a: np.sum(P * np.logaddexp(0, -a) + Q * np.logaddexp(0, a)),
    np.zeros(6),
    tol=1e-12,
)
verify(
    "six atoms: the optimum found numerically is P/(P + Q)",
    special.expit(fit6.x),
    P / (P + Q),
    atol=1e-5,
)
regression = LogisticRegression(C=1e6).fit(drawn[:, None], is_real)
verify(
    "N(1,1) against N(−1,1): logistic regression finds the logit 2x + 0",
    np.r_[regression.coef_[0], regression.intercept_],
    np.array([2.0, 0.0]),
    atol=0.03,
)

# %% [markdown]
r"""
(gan-global-optimum)=
### What the generator should do about it

Put $D^*$ in. With $m=\frac12(p+q)$, $\frac p{p+q}=\frac12\frac pm$, so

$$
V(D^*,G)=\int p\log\frac p{2m}+q\log\frac q{2m}\,dx=\mathrm{KL}(p\,\|\,m)+\mathrm{KL}(q\,\|\,m)-2\log2=2\,\mathrm{JS}(p,q)-\log4 ,
$$ (eq-adv-js)

where $\mathrm{JS}=\frac12\mathrm{KL}(p\|m)+\frac12\mathrm{KL}(q\|m)$ is the *Jensen–Shannon divergence*. It is never negative and zero only for $p=q$.

:::{prf:theorem} Optimal generator
:label: thm-adv-generator
$\min_G\max_DV=-\log4$, attained exactly when $p_g=p_{\text{data}}$, where $D^*=\frac12$ everywhere. (For models without limits, optimised exactly; in practice $p_{\text{data}}$ is a sample.)
:::

The divergence from SciPy shares nothing with our $V$. Then gradient descent on $q$ itself, over ten atoms, walks to $p$.
"""

# %%
from scipy.spatial.distance import jensenshannon

P, Q = rng.dirichlet(np.ones(10), 2)
at_best = P @ np.log(P / (P + Q)) + Q @ np.log(Q / (P + Q))
verify(
    "V(D*, G) = 2 JS − log 4, ten atoms",
    at_best,
    2 * jensenshannon(P, Q) ** 2 - np.log(4),
    atol=1e-14,
)
x = np.linspace(-12, 12, 20001)
p, q = normal(2, 0.5)(x), normal(0, 1)(x)
direct = np.trapezoid(p * np.log(p / (p + q)) + special.xlogy(q, q / (p + q)), x)
verify(
    "V(D*, G) = 2 JS − log 4, N(2, ½) against N(0, 1)",
    direct,
    2 * jensenshannon(p, q) ** 2 - np.log(4),
    atol=1e-9,
)

# %%
target, logits = torch.tensor(P), torch.zeros(10, requires_grad=True)
adam = torch.optim.Adam([logits], lr=0.05, foreach=True)
for _ in range(400):
    q = torch.softmax(logits, 0)
    value = target @ (target / (target + q)).log() + q @ (q / (target + q)).log()
    (logits.grad,) = torch.autograd.grad(value, logits)
    adam.step()
verify("ten atoms: min over q of V(D*, q) is −log 4", value, -np.log(4), atol=1e-5)
verify("there q = p", torch.softmax(logits.detach(), 0), P, atol=1e-3)

# %% [markdown]
r"""
:::{admonition} One Gaussian of codes is not one Gaussian of data
:class: correction
**The notes say** that a VAE, in contrast, explains everything by one big Gaussian and cannot approximate the data distribution.

**Right is:** only the prior of its codes is Gaussian. $p_\theta(x)=\int p(x|z)p(z)\,dz$ is a mixture of infinitely many Gaussians and can have any shape; its objective drives it towards the data too. And the theorem on GANs says where the optimum is, not that training gets there.
:::
"""

# %%
z = rng.normal(size=100000)  # a Gaussian code, decoded by a steep function plus noise
decoded = np.tanh(20 * z) + 0.1 * rng.normal(size=100000)
verify(
    "a Gaussian code, decoded: share of samples between −0.5 and 0.5",
    np.mean(abs(decoded) < 0.5),
    stats.norm.cdf(np.arctanh(0.5) / 20) * 2 - 1,
    atol=0.005,
)
verify(
    "a Gaussian of the same variance would have",
    stats.norm.cdf(0.5 / decoded.std()) * 2 - 1,
    0.39,
    atol=0.01,
)

# %% [markdown]
r"""
(gan-variational-bound)=
### A network instead of the optimum

$D^*$ needs both densities. A network $D_\phi$ is trained instead, and over a family $\Phi$

$$
\sup_{\phi\in\Phi}\tfrac12V(D_\phi,G)\;\le\;\ell^*=\mathrm{JS}(p,q)-\log2 .
$$ (eq-adv-variational)

The generator minimises a lower bound of the divergence: what $\Phi$ cannot see costs nothing. By quadrature, for $N(0,1)$ against $N(1,1)$, whose log-ratio is linear, and against $N(0,4)$, whose log-ratio is quadratic with no linear part:
"""


# %%
def best_value(p, q, features):
    """max over φ of ½V, for the logit φ·features(x), by quadrature."""
    loss = lambda phi: (
        np.trapezoid(
            p * np.logaddexp(0, -phi @ features) + q * np.logaddexp(0, phi @ features),
            x,
        )
        / 2
    )
    return -optimize.minimize(loss, np.zeros(len(features)), tol=1e-10).fun


linear_family, quadratic_family = np.array([x**0, x]), np.array([x**0, x, x**2])
p, q, wide = normal(0)(x), normal(1)(x), normal(0, 2)(x)
verify(
    "equal widths: linear logits reach the divergence",
    best_value(p, q, linear_family),
    jensenshannon(p, q) ** 2 - np.log(2),
    atol=1e-6,
)
verify(
    "equal means: linear logits see nothing",
    best_value(p, wide, linear_family),
    -np.log(2),
    atol=1e-6,
)
verify(
    "equal means: quadratic logits reach the divergence",
    best_value(p, wide, quadratic_family),
    jensenshannon(p, wide) ** 2 - np.log(2),
    atol=1e-6,
)

# %% [markdown]
r"""
(gan-minimax)=
(gan-saddle-point-optimization)=
## Playing it

To minimise a maximum one would have to train $D$ to the end after every step of $G$. Instead both take one gradient step in turn:

$$
\theta_{t+1}=\theta_t-\eta\nabla_\theta\ell(\theta_t,\phi_t),\qquad\phi_{t+1}=\phi_t+\eta\nabla_\phi\ell(\theta_{t+1},\phi_t).
$$ (eq-adv-alternate)

Is that safe? Try the smallest game, $\ell=\theta\phi$, whose only equilibrium is $(0,0)$. If both step *simultaneously*, $(\theta,\phi)\mapsto(\theta-\eta\phi,\phi+\eta\theta)$, and the squared radius is

$$
(\theta-\eta\phi)^2+(\phi+\eta\theta)^2=(1+\eta^2)(\theta^2+\phi^2):
$$

it spirals out for every $\eta>0$. In turn, the map is $\begin{pmatrix}1&-\eta\\\eta&1-\eta^2\end{pmatrix}$: determinant 1, trace $2-\eta^2$, so for $\eta<2$ both eigenvalues lie on the unit circle. It keeps $\theta^2+\phi^2-\eta\theta\phi$ constant, an ellipse for ever. *Extragradient* {cite:p}`korpelevich1976` looks one step ahead and uses the gradient from there; the radius then shrinks by $\sqrt{1-\eta^2+\eta^4}$ a step.

The next game is a GAN: all data at 0, one generated point at $\theta$, and $D=\sigma(\psi x)$, so $V=-\log2-\log(1+e^{\psi\theta})$ {cite:p}`mescheder2018`.
"""


# %%
def bilinear(theta, phi):
    return phi, theta  # the two partial derivatives of θφ


def dirac(theta, psi):  # of −log(1 + e^{ψθ})
    s = special.expit(psi * theta)
    return -s * psi, -s * theta


def play(grad, eta, steps, rule, start=(1.0, 0.0)):
    a, b, out = *start, [start]
    for _ in range(steps):
        if rule == "extragradient":
            da, db = grad(a, b)
            da, db = grad(a - eta * da, b + eta * db)
        elif rule == "in turn":
            da = grad(a, b)[0]
            db = grad(a - eta * da, b)[1]
        else:
            da, db = grad(a, b)
        a, b = a - eta * da, b + eta * db
        out.append((a, b))
    return np.array(out)


# %%
radius = lambda way: np.hypot(*way.T)
for eta in (0.05, 0.3):
    out = radius(play(bilinear, eta, 1000, "at once"))
    verify(
        f"θφ, at once, η = {eta}: growth a step is √(1 + η²)",
        out[1:] / out[:-1],
        np.full(1000, np.sqrt(1 + eta**2)),
        atol=1e-10,
    )
    a, b = play(bilinear, eta, 1000, "in turn").T
    verify(
        f"θφ, in turn, η = {eta}: θ² + φ² − ηθφ stays 1",
        a**2 + b**2 - eta * a * b,
        np.ones(1001),
        atol=1e-9,
    )
    out = radius(play(bilinear, eta, 100, "extragradient"))
    verify(
        f"θφ, extragradient, η = {eta}: factor √(1 − η² + η⁴)",
        out[1:] / out[:-1],
        np.full(100, np.sqrt(1 - eta**2 + eta**4)),
        atol=1e-10,
    )
verify(
    "the Dirac GAN's gradient by central differences",
    np.array(dirac(0.7, -1.2)),
    np.array(
        [
            (np.log1p(np.exp(-1.2 * (0.7 - h))) - np.log1p(np.exp(-1.2 * (0.7 + h))))
            / 2e-5
            for h in [1e-5]
        ]
        + [
            (
                np.log1p(np.exp((-1.2 - 1e-5) * 0.7))
                - np.log1p(np.exp((-1.2 + 1e-5) * 0.7))
            )
            / 2e-5
        ]
    ),
    atol=1e-9,
)
ends = {
    rule: radius(play(dirac, 0.1, 2000, rule))
    for rule in ("at once", "in turn", "extragradient")
}
verify(
    "Dirac GAN, at once: radius after 2000 steps", ends["at once"][-1], 3.05, atol=0.02
)
verify(
    "Dirac GAN, in turn: smallest and largest radius",
    np.array([ends["in turn"].min(), ends["in turn"].max()]),
    np.array([0.99, 1.02]),
    atol=0.02,
)
verify_at_most(
    "Dirac GAN, extragradient: radius after 2000 steps", ends["extragradient"][-1], 0.1
)


# %% tags=["hide-input"]
def game(eta):
    fig, axes = plt.subplots(1, 3, figsize=(6.8, 3), sharex=True, sharey=True)
    for ax, rule in zip(axes, ("at once", "in turn", "extragradient")):
        way = play(dirac, eta, 400, rule)
        ax.plot(*way.T, color=plot.RED, lw=1)
        ax.plot(*way[0], "o", color=plot.BLUE)
        ax.plot(0, 0, "+", ms=10, color=plot.GREY)
        ax.set(title=rule, xlabel="generator θ", xlim=(-3, 3), ylim=(-3, 3))
    axes[0].set_ylabel("discriminator ψ")
    return fig


explore(
    game,
    alt="Paths of generator and discriminator in the Dirac GAN under three rules: outward spiral, closed loop, inward spiral; wider for larger steps",
    eta=[0.2, 0.05, 0.1, 0.3, 0.4, 0.5],
)

# %% [markdown]
r"""
So the alternation that everyone uses is a heuristic: it may circle for ever. In a real GAN noise and the curvature of the networks decide.

(non-saturating-gan-loss)=
### When the discriminator is too good

At the start any $D$ tells the two apart: its logit on generated points is $a\ll0$. What does $G$ learn there? With $D=\sigma(a)$,

$$
\frac d{da}\log\bigl(1-\sigma(a)\bigr)=-\sigma(a)\approx0,\qquad\frac d{da}\log\sigma(a)=1-\sigma(a)\approx1 .
$$ (eq-adv-saturate)

The minimax loss is flat exactly where help is needed. So let $G$ *maximise* $\log D(G(z))$ rather than minimise $\log(1-D(G(z)))$: same fixed points, since both push $a$ upwards, but a gradient that survives.
"""


# %%
def generator_loss(a, saturating=0.0):
    """−log D, or log(1 − D) where saturating is 1."""
    return saturating * -F.softplus(a) + (1 - saturating) * F.softplus(-a)


a = torch.tensor([-10.0, 0.0, 3.0], requires_grad=True)
flat, steep = (
    torch.autograd.grad(generator_loss(a, s).sum(), a)[0] for s in (1.0, 0.0)
)
s = 1 / (1 + np.exp(-a.detach().numpy()))
verify("slope of log(1 − D) at logits −10, 0, 3: −σ(a)", flat, -s, atol=1e-12)
verify("slope of −log D: σ(a) − 1", steep, s - 1, atol=1e-12)
verify(
    "at a = −10: nothing against everything",
    np.array([flat[0], steep[0]]),
    np.array([-4.54e-5, -0.9999546]),
    atol=1e-7,
)

# %% mystnb={"image": {"alt": "Two generator losses against the discriminator's logit: log of one minus D is flat for negative logits, minus log D falls there with slope minus one."}} tags=["hide-input"]
logit = torch.linspace(-8, 4, 200)
fig, ax = plt.subplots(figsize=(6.8, 2.8))
ax.plot(logit, generator_loss(logit, 1.0), color=plot.GREY, label="log(1 − D)")
ax.plot(logit, generator_loss(logit), color=plot.RED, label="−log D")
ax.axvspan(-8, -3, color=plot.SKY, alpha=0.15)
ax.text(-7.8, -2.5, "the generator is caught")
ax.set(xlabel="logit of D on a generated point", ylabel="generator's loss")
ax.legend()
plt.show()

# %% [markdown]
r"""
Watch both losses against the best discriminator there is. Data from $N(\mu,1)$, generator $\theta+z$, distance $\Delta=\mu-\theta=8$. The logit of $D^*$ is $a(x)=\Delta\,(x-\frac{\mu+\theta}2)$, with slope $\Delta$; the generator follows $\Delta\,\mathbb E\,\sigma(a)$ with the first loss, $\Delta\,\mathbb E(1-\sigma(a))$ with the second. As long as $D^*$ is sure, the second shrinks the distance by $1-\eta$ a step, and the first does nothing.
"""


# %%
def chase(saturating, eta=0.05, steps=500, delta=8.0):
    """Distance of the generator's mean after every step, D optimal throughout."""
    z, out = stats.norm.ppf((np.arange(2000) + 0.5) / 2000), [delta]
    for _ in range(steps):
        a = delta * (z - delta / 2)  # logits of D* on the generated points
        slope = special.expit(a) if saturating else 1 - special.expit(a)
        delta = delta - eta * (delta * slope).mean()
        out.append(delta)
    return np.array(out)


stuck, free = chase(True), chase(False)
verify("log(1 − D): distance left after 500 steps, from 8", stuck[-1], 8.0, atol=0.05)
verify_at_most("−log D: distance left after 500 steps, from 8", free[-1], 0.01)
verify(
    "−log D, D certain: the distance shrinks by 1 − η a step",
    free[1:11] / free[:10],
    np.full(10, 0.95),
    atol=1e-3,
)
verify(
    "log(1 − D) from distance 0.5, where D ≈ ½: also by 1 − η/2 a step",
    chase(True, delta=0.5)[1] / 0.5,
    0.975,
    atol=3e-3,
)

# %% [markdown]
r"""
Now whole networks. To see that nothing hangs on luck, several GANs are trained at the same time: every weight matrix carries a first axis that counts the GANs, and one batched product serves all. Two additions will matter later: `penalty` adds $\frac\gamma2\,\mathbb E_{p_{\text{data}}}\|\nabla_xa(x)\|^2$ to $D$'s loss, for the logit $a$; and an average of $G$'s weights over the last hundred steps or so is kept beside the weights, as in [Polyak's averaging](#polyak-averaging).
"""


# %%
def layers(sizes, S, gen):
    """Weights of S networks: He's initialisation, zero biases."""
    return [
        w.requires_grad_()
        for i, o in zip(sizes, sizes[1:])
        for w in (
            torch.randn(S, i, o, generator=gen) * (2 / i) ** 0.5,
            torch.zeros(S, 1, o),
        )
    ]


def run(net, x):  # (S, batch, d)
    for i in range(0, len(net), 2):
        x = torch.baddbmm(net[i + 1], F.relu(x) if i else x, net[i])
    return x


def d_loss(D, real, fake, penalty):
    """The discriminators' losses, summed over the S games, with gradient penalty."""
    real = real.clone().requires_grad_()
    a = run(D, real)
    loss = F.softplus(-a).mean((1, 2)) + F.softplus(run(D, fake)).mean((1, 2))
    if penalty.any():
        (g,) = torch.autograd.grad(a.sum(), real, create_graph=True)
        loss = loss + penalty / 2 * g.square().sum(2).mean(1)
    return loss.sum()


# %%
def train_gan(
    sample,
    G,
    D,
    steps,
    rates,
    gen,
    codes,
    batch=64,
    penalty=0.0,
    out=lambda x: x,
    watch=lambda t, G, D: None,
):
    """Play S GANs at once, in turn; returns the averaged generator."""
    S = len(G[0])
    penalty = torch.as_tensor(penalty).expand(S)
    opt_G, opt_D = (
        torch.optim.Adam(net, rate, betas=(0.5, 0.9), foreach=True)
        for net, rate in zip((G, D), rates)
    )
    mean_G = [w.detach().clone() for w in G]
    for t in range(steps):
        fake = out(run(G, torch.randn(S, batch, codes, generator=gen)))
        slopes = torch.autograd.grad(
            d_loss(D, sample(batch), fake.detach(), penalty), D
        )
        for w, slope in zip(D, slopes):
            w.grad = slope
        opt_D.step()
        g_loss = generator_loss(run(D, fake)).mean((1, 2)).sum()
        for w, slope in zip(G, torch.autograd.grad(g_loss, G)):
            w.grad = slope
        opt_G.step()
        torch._foreach_lerp_(mean_G, [w.detach() for w in G], 0.02)
        watch(t, G, D)
    return mean_G


# %% [markdown]
r"""
First the pieces, each against something simpler: the batched network against `torch.nn`, the loss against its definition, the penalty against the closed form for a linear logit, whose gradient is its weight.
"""

# %%
gen = torch.Generator().manual_seed(0)
net = layers([3, 8, 2], 4, gen)
points = torch.randn(4, 5, 3, generator=gen)
for s in (0, 3):
    one = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    one.load_state_dict(
        {
            "0.weight": net[0][s].T,
            "0.bias": net[1][s, 0],
            "2.weight": net[2][s].T,
            "2.bias": net[3][s, 0],
        }
    )
    verify(
        f"network {s} of the batch is torch.nn's",
        run(net, points)[s],
        one(points[s]),
        atol=1e-12,
    )
big = layers([300, 400], 2, gen)[0]
verify(
    "He's initialisation: variance 2/(number of inputs)", big.var(), 2 / 300, rtol=0.02
)
D = layers([3, 1], 4, gen)
gamma = torch.tensor([0.0, 1.0, 2.0, 3.0])
fake = torch.randn(4, 5, 3, generator=gen)
by_definition = sum(
    -V(run(D, points)[s], run(D, fake)[s]) + gamma[s] / 2 * D[0][s].square().sum()
    for s in range(4)
)
verify(
    "discriminator loss = −V + γ/2·‖gradient‖², for linear logits",
    d_loss(D, points, fake, gamma),
    by_definition,
    atol=1e-12,
)

# %% [markdown]
r"""
Six one-dimensional GANs, $G(z)=\mu+\sigma z$ against a network with 16 hidden units. Five have data from $N(2,\frac12)$, one from $N(3,1)$, both within reach; the generators start at $N(0,1)$ and $N(0,1.5)$. Means and widths are averaged over the last half of the steps, because they circle.
"""

# %%
gen = torch.Generator().manual_seed(0)
centre = torch.tensor([2.0] * 5 + [3.0])[:, None, None]
width = torch.tensor([0.5] * 5 + [1.0])[:, None, None]
G = [
    torch.tensor([1.0] * 5 + [1.5])[:, None, None].requires_grad_(),
    torch.zeros(6, 1, 1, requires_grad=True),
]
way, kept = [], {}


def watch(t, G, D):
    way.append([G[1].flatten().tolist(), G[0].flatten().abs().tolist()])
    if t in (0, 25, 50, 100, 150, 200, 300, 500, 1000, 1499):
        kept[t] = [w[:1].detach().clone() for w in D]


train_gan(
    lambda n: centre + width * torch.randn(6, n, 1, generator=gen),
    G,
    layers([1, 16, 1], 6, gen),
    1500,
    (5e-3, 2e-2),
    gen,
    codes=1,
    batch=128,
    watch=watch,
)
way = np.array(way)  # (steps, mean and sd, GAN)
late = way[750:].mean(0)
verify(
    "six 1-D GANs: the means they reach", late[0], centre.flatten().numpy(), atol=0.03
)
verify(
    "six 1-D GANs: the widths they reach", late[1], width.flatten().numpy(), atol=0.05
)
verify_at_least(
    "largest distance of a width from its goal in the last half of training",
    abs(way[750:, 1] - width.flatten().numpy()).max(),
    0.03,
)


# %% tags=["hide-input"]
def duel(step):
    at = torch.linspace(-3, 5, 200)[None, :, None]
    grid = at.flatten().numpy()
    mean, sd = way[step, :, 0]
    p, q = stats.norm(2, 0.5).pdf(grid), stats.norm(mean, sd).pdf(grid)
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    ax.plot(grid, p, color=plot.BLUE, label="data")
    ax.plot(grid, q, color=plot.RED, label="generator")
    ax.plot(
        grid,
        torch.sigmoid(run(kept[step], at)).flatten(),
        color=plot.GREEN,
        label="D, trained",
    )
    ax.plot(grid, p / (p + q), ":", color=plot.GREEN, label="D, optimal")
    ax.set(ylim=(0, 1.6), xlabel="x", title=f"mean {mean:.2f}, width {sd:.2f}")
    ax.legend(loc="upper left")
    return fig


explore(
    duel,
    alt="Density of the data and of the generator, which wanders onto it; the trained discriminator falls from a step to about one half where the densities are",
    step=[100, 0, 25, 50, 150, 200, 300, 500, 1000, 1499],
)

# %% [markdown]
r"""
(mode-collapse)=
## Mode collapse

Nothing in $G$'s loss asks for variety. If one plausible output fools $D$ for now, all codes may map to it; $D$ learns to reject it, and $G$ moves on to the next. *Mode collapse*: the generator covers a few modes of the data and drops the others.

The classical test is a ring of eight narrow Gaussians. Three seeds, each played twice from the same weights: plainly, and with the gradient penalty $\gamma=0.3$ on the real data. The penalty flattens $D$ around the data, so that there is no cliff for $G$ to chase; and in [the Dirac game](#gan-minimax) it turns the circle into a spiral that ends {cite:p}`mescheder2018`. A mode counts as hit when at least 20 of 2000 samples lie within three standard deviations of its centre.
"""

# %%
turn = torch.arange(8) * np.pi / 4
ring = 2 * torch.stack([turn.cos(), turn.sin()], 1)  # (8, 2)


def hits(samples):
    """How many of the samples (n, 2) lie within 3 sd of each centre."""
    distance = torch.cdist(samples, ring)
    close = distance.amin(1) < 0.3
    return torch.bincount(distance.argmin(1)[close], minlength=8)


def modes(samples):
    return int((hits(samples) >= 20).sum())


def spread(samples):
    """exp(entropy) of the histogram over nearest centres: an effective number."""
    counts = torch.bincount(torch.cdist(samples, ring).argmin(1), minlength=8)
    return torch.special.entr(counts / counts.sum()).sum().exp().item()


gen = torch.Generator().manual_seed(0)
true = ring[torch.randint(8, (2000,), generator=gen)] + 0.1 * torch.randn(
    2000, 2, generator=gen
)
half_ring = true[torch.cdist(true, ring).argmin(1) % 2 == 0]
verify("samples of the true law: modes hit", modes(true), 8)
verify(
    "samples of the true law: share within 3 sd, 1 − e^(−9/2)",
    hits(true).sum() / 2000,
    1 - np.exp(-4.5),
    atol=0.007,
)
verify(
    "samples of the true law: effective number of modes", spread(true), 8.0, atol=0.05
)
verify("every other mode dropped: modes hit", modes(half_ring), 4)
verify("every other mode dropped: effective number", spread(half_ring), 4.0, atol=0.05)

# %%
S, gen = 3, torch.Generator().manual_seed(0)
twice = lambda net: [w.detach().repeat(2, 1, 1).requires_grad_() for w in net]
G, D = twice(layers([8, 64, 64, 2], S, gen)), twice(layers([2, 64, 64, 1], S, gen))


def from_ring(n):
    at = torch.randint(8, (2 * S, n), generator=gen)
    return ring[at] + 0.1 * torch.randn(2 * S, n, 2, generator=gen)


averaged = train_gan(
    from_ring, G, D, 800, (2e-3, 5e-3), gen, codes=8, penalty=[0.0] * S + [0.3] * S
)
with torch.no_grad():
    samples = run(averaged, torch.randn(2 * S, 2000, 8, generator=gen))
count = np.array([modes(s) for s in samples])
effective = np.array([spread(s) for s in samples])
print("seed  plain  with penalty   (modes hit of 8)")
for s in range(S):
    print(f"{s:4} {count[s]:6} {count[S + s]:13}")

# %%
verify_at_most(
    "ring of 8 Gaussians, plain GAN: modes hit, for three seeds", count[:S], 5
)
verify(
    "ring of 8 Gaussians, with gradient penalty: modes hit, for three seeds",
    count[S:],
    np.full(S, 8),
)
verify(
    "with gradient penalty: effective number of modes",
    effective[S:],
    np.full(S, 8.0),
    atol=0.4,
)
verify_at_most(
    "plain GAN: effective number of modes minus that with penalty",
    effective[:S] - effective[S:],
    -0.3,
)

# %% mystnb={"image": {"alt": "Three scatter plots over the eight Gaussians of the ring: data on all eight; samples of the plain GAN crowd at a few of them; with gradient penalty all eight are covered, with some samples in between."}} tags=["hide-input"]
worst = count[:S].argmin()
fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.7), sharex=True, sharey=True)
shown = {
    "data": true,
    f"plain: {count[worst]} modes": samples[worst],
    f"penalty: {count[S + worst]} modes": samples[S + worst],
}
for ax, (name, dots) in zip(axes, shown.items()):
    ax.plot(*dots[:1000].numpy().T, ".", ms=2, color=plot.BLUE)
    ax.plot(*ring.numpy().T, "+", ms=9, color=plot.RED)
    ax.set(title=name, aspect="equal", xlim=(-3, 3), ylim=(-3, 3))
plt.show()

# %% [markdown]
r"""
Same nets, same seeds, same learning rates; one term in $D$'s loss. The penalty has a price: samples between the modes, where a flat $D$ no longer objects.

### Digits, judged by a number

Pictures of generated digits flatter; a number does not. The *energy distance* {cite:p}`szekely2013` of two laws,

$$
2\,\mathbb E\|A-B\|-\mathbb E\|A-A'\|-\mathbb E\|B-B'\|\ge0,
$$ (eq-adv-energy)

is zero only when they agree, and needs no density. As a baseline take a model with the right distribution in every pixel, but independent pixels; as a floor, the training digits themselves.
"""


# %%
def energy(A, B):
    n, m = len(A), len(B)
    within = lambda A, n: torch.cdist(A, A).sum() / (n * (n - 1))
    return (2 * torch.cdist(A, B).mean() - within(A, n) - within(B, m)).item()


quantiles = torch.tensor(stats.norm.ppf((np.arange(1000) + 0.5) / 1000))[:, None]
verify(
    "energy distance of N(0,1) and N(2,1): by the formula for Gaussians",
    energy(quantiles, quantiles + 2),
    4 * stats.norm.pdf(2**0.5) * 2**0.5
    + 4 * (2 * stats.norm.cdf(2**0.5) - 1)
    - 4 / np.sqrt(np.pi),
    rtol=0.005,
)

gen = torch.Generator().manual_seed(5)
G, D = layers([16, 64, 64, 64], 1, gen), layers([64, 64, 64, 1], 1, gen)
averaged = train_gan(
    lambda n: X[torch.randint(1400, (1, n), generator=gen)],
    G,
    D,
    900,
    (1e-3, 3e-3),
    gen,
    codes=16,
    penalty=3.0,
    out=torch.sigmoid,
)
with torch.no_grad():
    generated = torch.sigmoid(run(averaged, torch.randn(1, 1000, 16, generator=gen)))[0]
shuffled = torch.stack(
    [X[torch.randint(1400, (1000,), generator=gen), j] for j in range(64)], 1
)
scores = {
    name: energy(A, X_test)
    for name, A in {
        "training digits": X,
        "GAN": generated,
        "independent pixels": shuffled,
    }.items()
}
print({name: round(v, 3) for name, v in scores.items()})

# %%
verify_at_most(
    "digits: energy distance of the GAN over that of independent pixels",
    scores["GAN"] / scores["independent pixels"],
    0.6,
)
verify_at_most(
    "digits: energy distance of training from test digits",
    scores["training digits"],
    0.004,
)
kinds = torch.bincount(plain(generated).argmax(1), minlength=10)
verify_at_least(
    "the ten classes among 1000 generated digits, as the network reads them", kinds, 10
)

# %% mystnb={"image": {"alt": "Two rows of eight small pictures: above generated digits, blurred but recognisable, below pictures of independent pixels, which look like noise."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 8, figsize=(6.8, 2.1))
for i in range(8):
    picture(axes[0, i], generated[i], "")
    picture(axes[1, i], shuffled[i], "")
axes[0, 0].set_ylabel("GAN")
axes[1, 0].set_ylabel("pixels")
plt.show()

# %% [markdown]
r"""
(adversarial-practice)=
## In practice

At work one writes neither gradient by hand. Attacks want the gradient of every example on its own: `torch.func.vmap(grad(...))` says so directly, where we summed the losses and relied on no example touching another (with [batch normalisation](#batch-normalization) in training mode that would be wrong). GANs use `BCEWithLogitsLoss` on labels 1 and 0, and `detach` so that $D$'s step does not reach $G$. And robustness is reported against strong attacks with random restarts, never against one step.
"""

# %%
single = lambda x, y: F.cross_entropy(plain(x[None]), y[None])
verify(
    "input gradients by torch.func are those of the summed loss",
    torch.func.vmap(torch.func.grad(single))(X_test, y_test),
    input_gradient(plain, X_test, y_test),
    atol=1e-12,
)
bce = nn.BCEWithLogitsLoss()
verify(
    "the generator's loss is BCEWithLogitsLoss with the label “real”",
    generator_loss(a_fake).mean(),
    bce(a_fake, torch.ones(300)),
    atol=1e-12,
)
verify(
    "the saturating loss is minus BCEWithLogitsLoss with the label “fake”",
    generator_loss(a_fake, 1.0).mean(),
    -bce(a_fake, torch.zeros(300)),
    atol=1e-12,
)
starts = torch.Generator().manual_seed(9)
robust = nets["on attacks"]
standing = torch.ones(len(X_test), dtype=torch.bool)
for _ in range(4):
    start = X_test + 0.3 * torch.rand(X_test.shape, generator=starts) - 0.15
    standing &= (
        robust(pgd(robust, X_test, y_test, 0.15, 20, start)[0]).argmax(1) == y_test
    )
at_15 = standing.double().mean().item()
verify_at_most(
    "four restarts of 20 steps: accuracy left, over that of one start",
    at_15 / attacked["on attacks"][5],
    1.0,
)
verify_at_least("and it stays above the certificate", at_15, lower["on attacks"][5])

# %% [markdown]
r"""
## Beware

**A gradient that is gone is not a defence.** Multiply the logits by 1000: the accuracy is the same, the probabilities are exactly 0 and 1, the cross-entropy's gradient vanishes in floating point, and FGSM fails. The margin's gradient does not care {cite:p}`athalye2018`.
"""

# %%
masked = lambda x: 1000 * plain(x)
margin_loss = lambda net, x, y: margin(net(x), y).sum()
dead = (input_gradient(masked, X_test, y_test) == 0).all(1).double().mean()
verify_at_least(
    "logits × 1000: share of digits whose cross-entropy gradient is exactly 0",
    dead,
    0.7,
)
verify_at_least(
    "FGSM on it: accuracy left",
    accuracy(masked, pgd(masked, X_test, y_test, 0.15, 1)[0]),
    0.7,
)
g = input_gradient(masked, X_test, y_test, margin_loss)
verify_at_most(
    "one step along the margin's gradient: accuracy left",
    accuracy(masked, clip(X_test + 0.15 * g.sign(), X_test, 0.15)),
    0.25,
)

# %% [markdown]
r"""
**Robust in one norm is not robust in another.** A box of radius $\epsilon$ contains the Euclidean ball of the same radius and is contained in one $\sqrt n$ times larger. For the linear classifier of the headline, the same $x$ tolerates very different lengths.

**A GAN's losses do not tell how good it is.** At the optimum $V=-\log4$; but a discriminator that has given up, whatever $G$ does, gives the same number. Judge samples by something that neither player has seen.
"""

# %%
n = 64
verify(
    "ε∞ ≤ ε₂ ≤ √n ε∞ for the smallest perturbations of 20 digits",
    bool(
        (exact[np.inf] <= exact[2]).all() and (exact[2] <= n**0.5 * exact[np.inf]).all()
    ),
    True,
)
verify(
    "and ε₂ ≤ ε₁ ≤ √n ε₂",
    bool((exact[2] <= exact[1]).all() and (exact[1] <= n**0.5 * exact[2]).all()),
    True,
)
given_up = layers([64, 1], 1, gen)
given_up[0].data.zero_()
verify(
    "a discriminator that has given up, on a bad generator: V",
    V(run(given_up, X[None]), run(given_up, shuffled[None])),
    -np.log(4),
    atol=1e-12,
)

# %% [markdown]
r"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""


# %% tags=["remove-cell"] jupyter={"source_hidden": true}
@exercise.define("adv-line")
def _(answer):
    x, w = np.array([1.0, 2.0]), np.array([3.0, -4.0])
    best = lambda e: max(
        w @ (x + e * np.array(s)) + 1 for s in ((1, 1), (1, -1), (-1, 1), (-1, -1))
    )
    assert best(answer * 1.001) > 0, "no corner of your box reaches the other side"
    assert best(answer * 0.999) < 0, "a smaller box reaches the other side too"


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


@exercise.define("adv-best-reply")
def _(answer):
    for x in (-3.0, 0.0, 0.7, 2.0):
        p, q = stats.norm(0, 1).pdf(x), stats.norm(0, 2).pdf(x)
        assert abs(answer(x) - p / (p + q)) < 1e-9, (
            f"it differs from p/(p + q) at x = {x}"
        )


@exercise.define("adv-disjoint")
def _(answer):
    p, q = np.r_[0.3, 0.7, 0, 0], np.r_[0, 0, 0.5, 0.5]
    assert len(answer) == 2, "a pair: V(D*, G), then JS"
    assert abs(answer[1] - jensenshannon(p, q) ** 2) < 1e-9, (
        "that is not the Jensen–Shannon divergence of two laws with disjoint supports"
    )
    assert abs(answer[0] - (2 * jensenshannon(p, q) ** 2 - np.log(4))) < 1e-9, (
        "what does the perfect discriminator score?"
    )


@exercise.define("adv-price")
def _(answer):
    line = lambda x: torch.stack(
        [torch.zeros(len(x)), x @ torch.tensor([3.0, 4.0]) - 2], 1
    )
    at, to = torch.zeros(1, 2), torch.tensor([1])
    assert not cw(line, at, to, 0.97 * answer, box=False)[1], "less would do"
    assert cw(line, at, to, 1.03 * answer, box=False)[1], "that is not enough"


@exercise.define("adv-tanh-box")
def _(answer):
    rng = np.random.default_rng(0)
    W, b, x = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=3)
    low, high = answer(W, b, x, 0.2)
    corners = np.array(np.meshgrid(*[[-0.2, 0.2]] * 3)).reshape(3, -1).T
    seen = np.tanh((x + corners) @ W.T + b)
    assert np.allclose(low, seen.min(0)), (
        "the lower ends differ from the worst corner's"
    )
    assert np.allclose(high, seen.max(0)), (
        "the upper ends differ from the best corner's"
    )


@exercise.define("adv-doubling")
def _(answer):
    for eta in (0.05, 0.2):
        way = radius(play(bilinear, eta, int(np.ceil(answer(eta))), "at once"))
        assert way[-1] >= 2 * (1 - 1e-9), f"at η = {eta} the radius is still below 2"
        assert way[-2] < 2, f"at η = {eta} it has doubled earlier"


@exercise.define("adv-two-slopes")
def _(answer):
    for a in (-4.0, 0.0, 2.0):
        s = special.expit(a)
        assert np.isclose(answer(a), (1 - s) / s), f"compare with (1 − σ)/σ at a = {a}"


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


@exercise.define("adv-stronger")
def _(answer):
    new = answer(nets["on attacks"], X_test, y_test, 0.2)
    assert bool((new - X_test).abs().max() < 0.2 + 1e-9), "a pixel moved by more than ε"
    assert bool(((new >= 0) & (new <= 1)).all()), "these are no valid grey values"
    ours = accuracy(
        nets["on attacks"], pgd(nets["on attacks"], X_test, y_test, 0.2, 1)[0]
    )
    left = accuracy(nets["on attacks"], new)
    assert left < ours - 0.02, f"FGSM leaves {ours:.3f}, yours {left:.3f}"


# %% [markdown]
r"""
:::{exercise} Over the line
:label: ex-adv-line
A point $x=(1,2)$ is classified by the sign of $3x_1-4x_2+1$. How large is the smallest $\|\delta\|_\infty$ that brings it to the line?
:::
"""

# %%
adv_line = ...  # a number

exercise("adv-line").check(adv_line)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The score is $-4$ and the dual norm $\|w\|_1=7$.

```python
adv_line = 4 / 7
```

</details>

:::{exercise} A step in another ball
:label: ex-adv-l2-step
Write the counterpart of FGSM for $\|\delta\|_2\le\alpha$, for a batch of gradients.
:::
"""

# %%
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

:::{exercise} Best reply
:label: ex-adv-best-reply
The data are $N(0,1)$, the generator makes $N(0,4)$ (standard deviation 2). Give $D^*(x)$ as a sigmoid of a polynomial.
:::
"""

# %%
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

:::{exercise} Nothing in common
:label: ex-adv-disjoint
The generator's samples never fall where data can be. What are $V(D^*,G)$ and $\mathrm{JS}$? Why is this bad news for gradient descent on $G$?
:::
"""

# %%
adv_disjoint = ...  # a pair (V, JS)

exercise("adv-disjoint").check(adv_disjoint)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$D^*$ is never wrong, so $V=0$, and $\mathrm{JS}=\frac12(0+\log4)=\log2$, whatever the distance: the divergence is constant, its gradient zero.

```python
adv_disjoint = (0.0, np.log(2))
```

</details>

:::{exercise} The right price
:label: ex-adv-price
Class 1 wins where $3x_1+4x_2>2$; start at the origin. Which is the smallest $c$ in [the objective of Carlini and Wagner](#eq-adv-cw) (with $\kappa=0$) that succeeds?
:::
"""

# %%
adv_price = ...  # a number

exercise("adv-price").check(adv_price)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$c^*=2m/\|a\|^2$ with $m=2$ and $\|a\|^2=25$.

```python
adv_price = 4 / 25
```

</details>

:::{exercise} A box through tanh
:label: ex-adv-tanh-box
Bound $\tanh(Wx'+b)$ over $\|x'-x\|_\infty\le\epsilon$. Why is the bound exact for each output, though not for all together?
:::
"""

# %%
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

:::{exercise} Time to double
:label: ex-adv-doubling
In the game $\theta\phi$ with simultaneous steps, after how many steps (not necessarily a whole number) has the radius doubled?
:::
"""

# %%
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

:::{exercise} How much steeper?
:label: ex-adv-two-slopes
By which factor is the slope of $-\log D$ in the logit $a$ larger than that of $\log(1-D)$? Simplify.
:::
"""

# %%
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

:::{exercise} Certified by noise
:label: ex-adv-smoothing
*Randomized smoothing* {cite:p}`cohen2019` lets a classifier vote under noise $\mathcal N(0,\sigma^2I)$. If the winner of two classes has probability $p>\frac12$, it keeps winning within a Euclidean radius of the point. The worst case is a half-space. Derive the radius.
:::
"""

# %%
adv_smoothing = ...  # a function of p and sigma

exercise("adv-smoothing").check(adv_smoothing)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A half-space at distance $r$ has probability $\Phi(r/\sigma)$ under the noise; moving by $r$ towards its boundary makes it $\frac12$.

```python
adv_smoothing = lambda p, sigma: sigma * stats.norm.ppf(p)
```

</details>

:::{exercise} Project: a stronger attack
:label: ex-adv-stronger
Beat one-step FGSM on the network trained on attacks at $\epsilon=0.2$, by at least two points of accuracy. Then go on: restarts, momentum, other losses. How close to the certificate do you get?
:::
"""

# %%
adv_stronger = ...  # a function of (net, x, y, eps) that returns pictures

exercise("adv-stronger").check(adv_stronger)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
adv_stronger = lambda net, x, y, eps: pgd(net, x, y, eps, 40)[0]
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| FGSM | $\delta=\alpha\operatorname{sign}\nabla_xL$, gain $\alpha\lVert\nabla_xL\rVert_1$ | [one step](#eq-adv-fgsm) |
| PGD | step uphill, clip to the ball and to valid pictures | [iteration](#eq-adv-pgd) |
| Carlini–Wagner | $\lVert\delta\rVert^2+c\,(\max_{i\ne t}Z_i-Z_t+\kappa)^+$, bisect $c$ | [objective](#eq-adv-cw) |
| linear classifier | $\min_j(z_y-z_j)/\lVert w_j-w_y\rVert_q$ | [closed form](#eq-adv-exact) |
| adversarial training | $\min_\theta\mathbb E\max_\delta L(x+\delta,y)$ | [objective](#eq-adv-training) |
| certificate | $W\mu+b\pm\lvert W\rvert r$; certified ≤ robust ≤ attacked ≤ clean | [bounds](#eq-adv-interval) |
| GAN | $\min_G\max_D\mathbb E\log D(x)+\mathbb E\log(1-D(G(z)))$ | [game](#eq-adv-gan) |
| best replies | $D^*=p/(p+q)$, $V(D^*,G)=2\,\mathrm{JS}-\log4$ | [divergence](#eq-adv-js) |
| alternation | on $\theta\phi$: out by $\sqrt{1+\eta^2}$ at once, a closed orbit in turn | [updates](#eq-adv-alternate) |
| non-saturating loss | slope $1-\sigma(a)$ instead of $\sigma(a)$ | [slopes](#eq-adv-saturate) |

**Further reading.** {cite:t}`szegedy2014` found the phenomenon, {cite:t}`goodfellow2015` explained it by linearity, {cite:t}`athalye2018` is the best warning about defences, {cite:t}`mescheder2018` the clearest analysis of why GANs converge or not. The karate club is {cite:t}`zachary1977`'s, the network on point sets that of {cite:t}`qi2017`.
"""
