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
(learning-theory-chapter)=
# Learning theory

Two students have seen the same fourteen hundred pictures of digits, and both can repeat every label they were told without a mistake. In the examination one of them is right in ninety-eight cases out of a hundred, the other in ten. What could you have known *before* the examination?
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

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy import integrate, linalg, optimize, special, stats
from torch import nn
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
split = data.digits(1400)
pixels, labels = torch.tensor(split.X_train).float(), torch.tensor(split.y_train)
new_pixels, new_labels = torch.tensor(split.X_test).float(), torch.tensor(split.y_test)
dice = torch.randint(10, (1400,), generator=torch.Generator().manual_seed(1))
new_dice = torch.randint(10, (397,), generator=torch.Generator().manual_seed(2))
with_one = lambda X: torch.cat([X, torch.ones(len(X), 1)], 1)  # a column for the bias


# %% tags=["remove-cell"]
@exercise.define("lt-test-size")
def _(answer):
    exact = math.log(2 / 0.05) / (2 * 0.01**2)
    assert answer >= exact, "Hoeffding's inequality, for both sides, asks for more"
    assert answer < exact + 1, "fewer are enough"
    return True


@exercise.define("lt-finite")
def _(answer):
    exact = (math.log(1e6) + math.log(1e3)) / 0.01
    assert answer >= exact, f"with {answer} examples the bound is still above δ"
    assert answer < exact + 1, "fewer are enough"
    return True


@exercise.define("lt-rectangles")
def _(answer):
    assert answer > 3, "three points are shattered, and more can be"
    assert answer < 5, "of five points take the outermost four; what of the fifth?"
    assert answer == 4, "a whole number"
    return True


@exercise.define("lt-two-constants")
def _(answer):
    sums = [abs(sum(s)) for s in itertools.product((-1, 1), repeat=4)]
    assert abs(answer - np.mean(sums) / 4) < 1e-9, (
        "the better of the two constants reaches |σ₁ + … + σ₄|/4; average over 16 throws"
    )
    return True


@exercise.define("lt-no-mistakes")
def _(answer):
    for c in (0.001, 0.05, 1.0):
        limit = optimize.brentq(lambda p: -math.log(1 - p) - c, 0, 1 - 1e-12)
        assert abs(answer(c) - limit) < 1e-6, (
            f"for c = {c} root finding says {limit:.4f}"
        )
    return True


@exercise.define("lt-gibbs")
def _(answer):
    rng = np.random.default_rng(2)
    risks, prior, beta = rng.uniform(size=8), rng.dirichlet(np.ones(8)), 3.0
    cost = lambda Q: Q @ risks + np.sum(Q * np.log(Q / prior)) / beta
    Q = np.asarray(answer(risks, prior, beta))
    assert np.isclose(Q.sum(), 1), "Q must sum to one"
    near = abs(Q * (1 + 0.01 * rng.normal(size=(500, 8))))
    others = np.r_[rng.dirichlet(np.ones(8), 2000), near / near.sum(1, keepdims=True)]
    assert cost(Q) <= min(map(cost, others)) + 1e-12, "another distribution does better"
    return True


@exercise.define("lt-width")
def _(answer):
    for d, c in ((10, 100.0), (650, 1400.0)):
        cost = lambda x: d * (x * x / 2 - math.log(x)) + c * x * x / 2
        best = optimize.minimize_scalar(cost, bounds=(1e-4, 1), method="bounded").x
        assert abs(answer(d, c) / best - 1) < 1e-3, (
            f"for d = {d}, c = {c:g} the least value is at σ = {best:.4f}"
        )
    return True


@exercise.define("lt-temperature")
def _(answer):
    for gamma, eta, T in ((1.0, 0.01, 0.5), (2.0, 0.02, 3.0)):
        noise = answer(gamma, eta, T)
        v2 = noise**2 / (2 * eta * gamma - (eta * gamma) ** 2)
        assert abs(v2 / T - 1) < 0.05, (
            f"the velocity gets the variance {v2:.2f}, not {T}"
        )
    return True


@exercise.define("lt-sign")
def _(answer):
    def split(wrong, n, KL, s, delta, part):  # by bisection, part of δ for the theorem
        p = wrong
        for budget in (
            math.log(1 / ((1 - part) * delta)) / n,
            (KL + math.log(2 * math.sqrt(s) / (part * delta))) / s,
        ):
            q, top = p, 1 - 1e-12
            for _ in range(60):
                mid = (p + top) / 2
                spent = q * math.log(q / mid) + (1 - q) * math.log((1 - q) / (1 - mid))
                p, top = (mid, top) if spent <= budget else (p, mid)
        return p

    for case in ((0.1, 40, 1358, 1400, 0.005), (0.02, 4000, 300, 1000, 0.05)):
        said = answer(*case)
        best = min(split(*case, part) for part in np.linspace(0.01, 0.99, 99))
        assert said > best - 1e-4, (
            f"{said:.3f} is too good: both ways to fail have to share δ"
        )
        assert said < split(*case, 0.5) + 1e-4, f"{said:.3f} holds, but less will do"
    return True


@exercise.define("lt-swindle")
def _(answer):
    said = [answer(k, 100, 0.05) for k in (1, 10, 1000)]
    rng = np.random.default_rng(8)
    for k, t in zip((1, 10, 1000), said):
        best = rng.binomial(100, 0.5, (2000, k)).min(1) / 100
        assert np.mean(0.5 - best > t) <= 0.07, f"with {k} models it fails too often"
    assert said[0] < 0.13, "for a single model the bound of one is enough"
    assert said[2] < 0.3, "the price is the logarithm of the number, not the number"
    return True


@exercise.define("lt-metropolis")
def _(answer):
    rng = np.random.default_rng(3)
    end = answer(lambda t: 0.5 * t**2, lambda t: t, np.zeros(8000), 1.0, 60, rng)
    assert np.shape(end) == (8000,), "return the chains"
    assert abs(end.var() - 1) < 0.08, f"the variance is {end.var():.2f}, not 1"
    energy = lambda t: (t**2 - 1) ** 2
    well = answer(energy, lambda t: 4 * t * (t**2 - 1), np.ones(8000), 0.15, 300, rng)
    mass, second = (
        integrate.quad(lambda t: t**k * np.exp(-energy(t)), -5, 5)[0] for k in (0, 2)
    )
    assert abs(np.mean(well**2) - second / mass) < 0.05, (
        "the double well comes out wrong"
    )
    return True


# %% tags=["set-up"]
def student(told, seed=0, width=256, steps=300):  # setting
    """One hidden layer, taught what it is told about the 1,400 pictures."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
    optimizer = torch.optim.Adam(net.parameters(), 0.01)  # setting
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(pixels[: len(told)]), told).backward()
        optimizer.step()
    return net


@torch.no_grad()
def share_right(net, X, Y):
    return (net(X).argmax(1) == Y).float().mean().item()


honest_student, dice_student = student(labels), student(dice)
marks = {
    "honest": (
        share_right(honest_student, pixels, labels),
        share_right(honest_student, new_pixels, new_labels),
    ),
    "dice": (
        share_right(dice_student, pixels, dice),
        share_right(dice_student, new_pixels, new_dice),
    ),
}

# %% tags=["picture"] mystnb={"image": {"alt": "Above, six digits with the labels that the honest student was told, below the same digits with labels thrown by a die. Right, two pairs of bars: both students have training accuracy one; on new digits the honest one has about 0.98, the other about 0.1."}}
six = [int((labels == digit).nonzero()[0]) for digit in (3, 0, 7, 4, 2, 6)]
fig = plt.figure(figsize=(6.8, 2.7))
grid = fig.add_gridspec(2, 9, width_ratios=[*[1] * 6, 0.4, 2.2, 2.2])
for row, (told, colour) in enumerate(((labels, plot.BLUE), (dice, plot.RED))):
    for column, k in enumerate(six):
        ax = fig.add_subplot(grid[row, column])
        ax.imshow(pixels[k].reshape(8, 8), cmap="gray_r")
        ax.set_title(int(told[k]), color=colour)
        ax.axis("off")
ax = fig.add_subplot(grid[:, 7:])
for k, (name, colour) in enumerate((("honest", plot.BLUE), ("dice", plot.RED))):
    bars = ax.bar([k, k + 2.6], marks[name], 0.9, color=colour, label=name)
    ax.bar_label(bars, fmt="%.2f", fontsize=9)
ax.set(xticks=[0.5, 3.1], ylim=(0, 1.35), yticks=[0, 0.5, 1])
ax.set_xticklabels(["told", "new"])
ax.legend(loc="upper right", fontsize=8, ncols=2)
ax.set_title("share right", fontsize=10)
plt.show()

# %% [markdown]
r"""
The second student was told throws of a die, and learned fourteen hundred of them by heart {cite:p}`zhang2017`. Both are networks of the same size, from the same start, taught by the same rule for the same time.

This chapter is a chain of attempts to tell them apart, each an answer to the failure of the last. A test set can; but may one not know it from the training data? Fear every hypothesis: works for finitely many. Count what they can do on the sample: works for infinitely many, and is empty for networks. Pay only for how far one has moved from what one believed before: that, at last, tells the two networks apart. By its end you will be able to

- **say** what a training error promises, and for which sets of hypotheses,
- **count** how many examples a class needs, and check it by simulation,
- **derive** the bounds of Vapnik and Chervonenkis, of Rademacher, and PAC-Bayes, each with its one idea,
- **compute** a guarantee for a digit classifier from its training data alone, and compare it with a plain test set,
- **sample** from the posterior of a network by Langevin dynamics, and know why it is the posterior.

It builds on [regression](#regression-chapter) with its [train and test sets](#train-dev-test-split), on [networks](#multilayer-perceptron), and for one section on [the divergence of Kullback and Leibler](#kl-divergence). Reading takes an hour and a quarter.
"""

# %% tags=["checks"]
verify(
    "share of their labels that the two students repeat",
    [marks["honest"][0], marks["dice"][0]],
    [1.0, 1.0],
    atol=0,
)
verify(
    "new digits, new dice: the second student's accuracy is that of a die",
    marks["dice"][1],
    0.1,
    atol=4 * math.sqrt(0.09 / 397),
)
verify_at_least(
    "new digits: the first student's accuracy minus that of always saying the "
    "commonest digit",
    marks["honest"][1] - new_labels.bincount().max().item() / 397,
    0.8,
)

# %% [markdown]
r"""
(two-risks)=
## Two risks

(expected-risk)=
**What we want.** Whoever sells a classifier is asked one number: how often is it wrong on examples that nobody has seen yet? That is the *expected risk* of a function $f$, its mean loss on an example which the world draws,

$$
R(f)=\mathbb E_{x,y}\bigl[\ell(y,f(x))\bigr].
$$ (eq-lt-risk)

In this chapter the loss is 1 for a mistake and 0 otherwise, unless said otherwise. $R$ cannot be computed, because the law of $(x,y)$ is unknown.

**What we have.** Take a classifier with $R=0.3$ and ten examples that had no part in choosing it. Each is a mistake with probability 0.3, independently, so the number of mistakes is binomial. The mean share of mistakes is $0.3$: an honest estimate. But with probability $0.7^{10}\approx2.8\,\%$ there is no mistake at all, and someone is deceived. How badly can one be deceived? By the inequality of {cite:t}`hoeffding1963`, [derived in chapter 3](#hoeffding-inequality), for $n$ independent losses in $[0,1]$ of *one* function,

$$
\Pr\Bigl[R(f)-\hat R(f)\ge t\Bigr]\le e^{-2nt^2},\qquad\text{so with probability }1-\delta:\quad R(f)\le\hat R(f)+\sqrt{\frac{\ln(1/\delta)}{2n}} .
$$ (eq-lt-hoeffding)

In the example it allows $e^{-2\cdot10\cdot0.09}\approx17\,\%$ instead of 2.8: safe, for every law, and not sharp.
"""


# %%
def hoeffding(n, delta):
    return np.sqrt(np.log(1 / delta) / (2 * n))


def exact_upper(mistakes, n, delta):
    """Largest risk at which so few mistakes still have probability delta."""
    return stats.beta.ppf(1 - delta, mistakes + 1, n - mistakes)


# %% tags=["checks"]
rng = np.random.default_rng(1)
tests = rng.binomial(100, 0.1, 20_000)  # test sets of 100, risk 0.1
verify_within_se("20,000 test sets: mean of the test error", tests / 100, 0.1)
p, k = np.meshgrid(np.linspace(0.02, 0.98, 49), np.arange(10))
t = p - k / 10  # k mistakes of 10, risk p: a gap of t
verify_at_most(
    "ten examples, all risks: the binomial chance of a gap, over Hoeffding's bound",
    (stats.binom.cdf(k, 10, p) / np.exp(-2 * 10 * t**2))[t > 0],
    1.0,
)
verify(
    "exact upper end for 0 to 40 mistakes of 100: the chance of so few is δ",
    stats.binom.cdf(np.arange(41), 100, exact_upper(np.arange(41), 100, 0.05)),
    np.full(41, 0.05),
    rtol=1e-9,
)

# %% [markdown]
r"""
(empirical-risk)=
**What we minimise.** On the training sample $S$ of $n$ examples the mean loss is the *empirical risk*,

$$
\hat R(f)=\frac1n\sum_{i=1}^n\ell(y_i,f(x_i)),
$$ (eq-lt-empirical)

the expected risk under the law that puts weight $\frac1n$ on each example. *Empirical risk minimisation* takes an $f$ of a class $\mathcal H$ with the smallest $\hat R$. Does its risk tend to the best risk there is? Not by itself. Let the true label be $\mathbb 1[x\ge0.4]$, and turned round with probability 0.1. The best risk is 0.1. One nearest neighbour has $\hat R=0$, always. But a new point and its neighbour are turned round independently, and they disagree if exactly one is: however many examples it sees, its risk tends to $2\cdot0.1\cdot0.9=0.18$ {cite:p}`cover1967`. Minimisation among *thresholds* $h_t(x)=\mathbb 1[x\ge t]$ gets to 0.1.
"""


# %% tags=["set-up"]
def noisy_threshold(n, rng, turned=0.1, cut=0.4):
    x = np.sort(rng.uniform(size=n))
    return x, (x >= cut) ^ (rng.random(n) < turned)


def best_cut(x, y):
    """A threshold with the fewest mistakes on sorted x: left of it 0, from it on 1."""
    mistakes = np.r_[0, np.cumsum(np.where(y, 1, -1))]  # up to a constant
    k = mistakes.argmin()
    return 0.0 if k == 0 else 1.0 if k == len(x) else (x[k - 1] + x[k]) / 2


def risks_of_two(n, rng, runs):
    """Training and true risk of 1-NN and of the best threshold, (runs, 4)."""
    out = []
    for _ in range(runs):
        x, y = noisy_threshold(n, rng)
        edges = np.r_[0, (x[1:] + x[:-1]) / 2, 1]  # cells of the nearest neighbour
        ones = np.clip(edges[1:], 0.4, 1) - np.clip(
            edges[:-1], 0.4, 1
        )  # their part right of 0.4
        wrong = np.where(y, np.diff(edges) - ones, ones).sum()
        cut = best_cut(x, y)
        seen = np.mean((x >= cut) != y)
        out.append([0.0, 0.1 + 0.8 * wrong, seen, 0.1 + 0.8 * abs(cut - 0.4)])
    return np.array(out)


rng, two_rules = np.random.default_rng(2), {}
print("            nearest neighbour      best threshold")
print("examples     seen    risk           seen    risk")
for n in (10, 100, 1000, 10_000):
    two_rules[n] = risks_of_two(n, rng, 200)
    a, b, c, d = two_rules[n].mean(0)
    print(f"{n:8,}     {a:.3f}   {b:.3f}          {c:.3f}   {d:.3f}")

# %% tags=["checks"]
verify_within_se(
    "nearest neighbour, 10,000 examples: risk", two_rules[10_000][:, 1], 2 * 0.1 * 0.9
)
verify(
    "best threshold: its excess risk falls like 1/n, slope on logarithmic axes",
    np.polyfit(
        np.log([100, 1000, 10_000]),
        [np.log(two_rules[n][:, 3].mean() - 0.1) for n in (100, 1000, 10_000)],
        1,
    )[0],
    -1.0,
    atol=0.1,
)

# %% [markdown]
r"""
(generalization-gap)=
**The gap.** The training error of both rules is too low, at every size. The difference

$$
\operatorname{Gen}(f)=R(f)-\hat R(f)
$$ (eq-lt-gap)

is the *generalisation gap*. [Hoeffding's inequality](#eq-lt-hoeffding) says nothing about it: $f$ was chosen by looking at the very examples that now shall judge it. The second student has a gap of 0.9; the first, taught on only 50 examples, one of 0.15. Look how the scissors close when the labels are honest, from above, and how dice never let the lower blade rise. (The networks here are smaller and taught for a shorter time, so that dice become too many for them.)
"""

# %% tags=["set-up"]
sizes = [50, 100, 200, 500, 1400]


def scissors(told, new, seed):
    nets = [student(told[:n], seed, width=64, steps=80) for n in sizes]
    return [
        [share_right(net, pixels[:n], told[:n]), share_right(net, new_pixels, new)]
        for net, n in zip(nets, sizes)
    ]


curve = {
    "honest": np.array([scissors(labels, new_labels, s) for s in range(3)]),
    "dice": np.array([scissors(dice, new_dice, s) for s in range(3)]),
}

# %% tags=["picture"] mystnb={"image": {"alt": "Accuracy against the number of examples for both kinds of labels. Honest: training flat at one, test rising from about 0.85 to 0.97, so the gap closes. Dice: test flat at 0.1; training starts at one and sinks to 0.4, for so small a network cannot learn all throws in the time it is given."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.8), sharey=True)
for ax, (name, runs) in zip(axes, curve.items()):
    for k, (part, colour) in enumerate((("told", plot.BLUE), ("new", plot.RED))):
        ax.semilogx(sizes, runs[..., k].T, color=colour, lw=0.6, alpha=0.6)
        ax.semilogx(sizes, runs[..., k].mean(0), "o-", color=colour, label=part)
    ax.fill_between(sizes, *runs.mean(0).T, color=plot.GREY, alpha=0.15)
    ax.set(xlabel="examples", title=name, ylim=(0, 1.05))
    ax.set_xticks(sizes, sizes, fontsize=8)
    ax.minorticks_off()
axes[0].set_ylabel("share right")
axes[1].legend()
plt.show()

# %% tags=["checks"]
gaps = curve["honest"][..., 0] - curve["honest"][..., 1]  # (seed, size)
verify_at_most(
    "honest labels, three networks: the gap from each size to the next but one",
    gaps[:, 2:] - gaps[:, :-2],
    0.0,
)
verify(
    "dice, all sizes and networks: accuracy on new dice",
    curve["dice"][..., 1],
    np.full((3, 5), 0.1),
    atol=4 * math.sqrt(0.09 / 397),
)

# %% [markdown]
r"""
:::{exercise} How large a test set?
:label: ex-lt-test-size
**Try it.** How many test examples does Hoeffding's inequality ask for, so that the measured error of one fixed classifier is within $\pm0.01$ of its risk with probability 0.95?
:::
"""

# %% tags=["yours"]
test_size = ...  # a whole number

exercise("lt-test-size").check(test_size)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Both sides together fail with probability at most $2e^{-2n\cdot0.01^2}$; set it to 0.05. That is 18,445: small differences between classifiers need large test sets.

```python
test_size = math.ceil(math.log(2 / 0.05) / (2 * 0.01**2))
```

</details>
"""

# %% [markdown]
r"""
(pac-learning)=
## Fear every hypothesis

Why can one not judge a choice by the examples that led to it? Because among many hypotheses some look good by luck. So count the lucky ones. Suppose the truth lies in a finite class: the labels are $f(x)$ with $f\in\mathcal H$, and after $m$ independent examples we keep *any* hypothesis that was never wrong. Call a hypothesis *bad* if its error is more than $\epsilon$. With $\epsilon=0.05$ a given bad one survives 60 examples with probability at most $0.95^{60}=4.6\,\%$. If there were a hundred of them, 4.6 would survive on average; after 150 examples, $100\cdot0.95^{150}=0.05$.

In general a bad one survives with probability at most $(1-\epsilon)^m\le e^{-\epsilon m}$, and *some* bad one with probability at most $|\mathcal H|e^{-\epsilon m}$. Make that $\delta$:

:::{prf:theorem} Probably approximately correct
:label: thm-lt-pac
Let $\mathcal H\ni f$ be finite. With

$$
m\ge\frac1\epsilon\Bigl(\ln|\mathcal H|+\ln\frac1\delta\Bigr)
$$ (eq-lt-pac)

independent examples, with probability at least $1-\delta$ *every* hypothesis that is right on all of them has error at most $\epsilon$ {cite:p}`valiant1984,blumer1987`.
:::

The price of a class is the *logarithm* of its size. Three conditions stand in the sentence, and each matters: the examples are independent and from the law on which one is examined; the class is fixed before; the truth is in it.

(hypothesis-space-size)=
**Reduce.** The smaller the class, the fewer examples. Take conjunctions of some of $k$ yes-no attributes, such as $x_2\wedge x_7$: there are $2^k$. The learner starts with all $k$ and drops each attribute that is *no* in a positive example. How many examples does it need until its error is at most 0.05 in 95 % of the runs?
"""


# %%
def examples_enough(log_size, eps, delta):
    return math.ceil((log_size + math.log(1 / delta)) / eps)


def learn_conjunction(x, positive):  # x (..., m, k), positive (..., m)
    return (x | ~positive[..., None]).all(-2)  # which attributes are kept


def conjunction_error(kept, true=2):
    """Error on uniform attributes: a positive example, some kept extra is no."""
    return 0.5**true * (1 - 0.5 ** kept[..., true:].sum(-1))


# %% tags=["set-up"]
def needed(k, rng, runs=2000):
    x = rng.random((runs, 90, k)) < 0.5
    positive = x[..., :2].all(-1)
    kept = np.logical_and.accumulate(x | ~positive[..., None], axis=1)
    return 1 + int(np.argmax((conjunction_error(kept) <= 0.05).mean(0) >= 0.95))


def by_formula(extras):
    """Each of the positive examples, one in four, drops half of the extras."""
    for m in range(1, 200):
        p = np.arange(m + 1)
        if stats.binom.pmf(p, m, 0.25) @ (1 - 0.5**p) ** extras >= 0.95:
            return m


rng = np.random.default_rng(6)
conjunctions = {
    k: (needed(k, rng), examples_enough(k * math.log(2), 0.05, 0.05))
    for k in (5, 10, 20, 40)
}
print("attributes   needed   the theorem asks for")
for k, (m, bound) in conjunctions.items():
    print(f"{k:10}   {m:6}   {bound:6}")

# %% [markdown]
r"""
The theorem is right and more and more wasteful: it asks for 14 examples more with every attribute, the learner needs about five more with every *doubling* of their number. The theorem adds up the chances of all $2^k$ hypotheses. But these live and die together: this learner never drops a true attribute, so it errs only as long as one of the $k-2$ false ones survives, and those are all there is to fear. A theorem for every law and every learner pays for the worst of them. Where the bad hypotheses are few, it is nearly attained; the threshold whose learner takes the smallest positive example fails exactly if all $m$ examples miss an interval of length $\epsilon$, and for $\epsilon=\delta=0.05$ it needs 59 examples, where the theorem asks for 60.
"""

# %% tags=["checks"]
verify(
    "conjunctions: examples needed, against the exact law of this learner",
    [m for m, _ in conjunctions.values()],
    [by_formula(k - 2) for k in conjunctions],
    atol=2,
)
rng = np.random.default_rng(4)
x = rng.random((2000, 12, 10)) < 0.5
kept = learn_conjunction(x, x[..., :2].all(-1))
asked = rng.random((2000, 400, 10)) < 0.5
said = (asked | ~kept[:, None]).all(-1)
verify_within_se(
    "conjunctions, 12 examples: errors counted on new ones, minus the formula",
    (said != asked[..., :2].all(-1)).mean(1) - conjunction_error(kept),
    0.0,
)
m = examples_enough(0, 0.05, 0.05)
verify(
    "ε = δ = 0.05, threshold: examples needed by the exact law, 0.95^m ≤ 0.05, beside the theorem's",
    math.ceil(math.log(0.05) / math.log(0.95)),
    m - 1,
)
smallest = np.where((x := rng.uniform(size=(20_000, m))) >= 0.3, x, 1.0).min(1)
verify_within_se(
    "threshold, 60 examples: share of 20,000 learners with error above 0.05",
    (smallest - 0.3 > 0.05).astype(float),
    0.95**m,
)
verify_within_se(
    "the same learners examined only on [0.3, 0.4]: share with error above 0.05",
    (np.minimum(smallest - 0.3, 0.1) / 0.1 > 0.05).astype(float),
    (1 - 0.05 * 0.1) ** m,
)

# %% [markdown]
r"""
Examined on another law than the one it was taught on (only on $[0.3,0.4]$, where it is hard), the same learner fails in $0.995^{60}=74\,\%$ of the runs. And a class that rules out nothing, *all* functions, learns nothing: of ten yes-no attributes there are 1,024 inputs, and sixty labels say nothing about the other 964. Averaged over all truths every learner has error one half there; this is the *no-free-lunch theorem* {cite:p}`wolpert1996`.

**When the truth is not in the class**, ask instead that *all* gaps be small at once. For one $h$ [Hoeffding](#eq-lt-hoeffding) gives $e^{-2mt^2}$; add up:

$$
\Pr\bigl[\exists h\in\mathcal H:\;R(h)-\hat R(h)>t\bigr]\le|\mathcal H|\,e^{-2mt^2} .
$$ (eq-lt-union)

Then it does not matter how the learner chose (*agnostic* PAC learning): with probability $1-\delta$, $R(h)\le\hat R(h)+\sqrt{\ln(|\mathcal H|/\delta)/2m}$. With a 2 under the logarithm it holds from below as well. So with $t=\sqrt{\ln(2|\mathcal H|/\delta)/2m}$ the $\hat h$ of least $\hat R$ nearly reaches the best of its class, $h^*$: $R(\hat h)\le\hat R(\hat h)+t\le\hat R(h^*)+t\le R(h^*)+2t$. A larger class lowers the first term and raises the second.

Our two students are the same network of $256\cdot75+10=19{,}210$ weights. In 32 bits each, $\ln|\mathcal H|=19{,}210\cdot32\ln2\approx426{,}000$ and the bound for both is $0+\sqrt{426{,}000/2800}\approx12$. A risk is at most 1; one has to count better.

:::{exercise} Enough
:label: ex-lt-finite
**Try it.** A class has a million hypotheses, the truth among them. How many examples make every consistent hypothesis right up to $\epsilon=0.01$, with probability $0.999$?
:::
"""

# %% tags=["yours"]
enough = ...  # a whole number

exercise("lt-finite").check(enough)

# %% [markdown]
r"""
<details><summary>Solution</summary>

[The theorem](#eq-lt-pac): $(\ln10^6+\ln10^3)/0.01=2072.3$.

```python
enough = 2073
```

</details>
"""

# %% [markdown]
r"""
(vc-dimension-and-classical-view)=
## Count what they do on the sample

Thresholds are infinitely many, $\ln|\mathcal H|=\infty$, and yet they learn. On three points $x_1<x_2<x_3$ they can say only $111$, $011$, $001$, $000$: four different things, on $m$ points $m+1$. Two hypotheses that agree on the sample are the same hypothesis as far as the sample can tell. So count not functions but *labellings*.

A set of points is *shattered* by $\mathcal H$ if all its $2^m$ labellings occur; the *VC dimension* $d$ is the size of the largest shattered set {cite:p}`vapnik1971`. Thresholds shatter one point and no two (never $10$). Intervals shatter two and no three (never $101$). Half-planes shatter three; why never four? Look at the picture: of four points either one lies in the triangle of the others, or they are the corners of a quadrilateral, whose diagonals cross. In both cases two groups have a common point in their hulls, and no line can part them (Radon).
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Three panels. Three points in a triangle with three lines, each of which cuts one point off. Four points, one red inside the triangle of the three blue ones. Four points of a quadrilateral, opposite corners of the same colour, with the two diagonals crossing: no line parts the colours in the last two."}}
fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.3))
corners = np.array([[0.1, 0.1], [0.9, 0.15], [0.5, 0.85]])
axes[0].plot(*corners.T, "o", ms=10, color=plot.BLUE)
for k in range(3):
    mid, side = (
        0.6 * corners[k] + 0.4 * corners.mean(0),
        corners[k - 1] - corners[k - 2],
    )
    ends = np.array([mid - 0.4 * side, mid + 0.4 * side])
    axes[0].plot(*ends.T, color=plot.GREY, lw=1.2)
axes[1].fill(*corners.T, color=plot.BLUE, alpha=0.12)
axes[1].plot(*corners.T, "o", ms=10, color=plot.BLUE)
axes[1].plot(0.5, 0.35, "s", ms=10, color=plot.RED)
square = np.array([[0.1, 0.2], [0.9, 0.1], [0.8, 0.85], [0.2, 0.8]])
for ends, colour, shape in (
    (square[::2], plot.BLUE, "o"),
    (square[1::2], plot.RED, "s"),
):
    axes[2].plot(*ends.T, color=colour, lw=1.2, alpha=0.5)
    axes[2].plot(*ends.T, shape, ms=10, color=colour)
for ax, title in zip(axes, ("any of three", "one inside", "diagonals cross")):
    ax.set(xlim=(-0.1, 1.1), ylim=(-0.05, 1.05), title=title, aspect="equal")
    ax.axis("off")
plt.show()

# %% [markdown]
r"""
In the code a linear program looks for the line.
"""


# %%
def separable(P, labels):
    """Is there a line with exactly these labels on its sides?"""
    s = np.where(labels, 1.0, -1.0)[:, None]
    A = -s * np.c_[P, np.ones(len(P))]  # every s (wᵀx + b) at least 1
    found = optimize.linprog(np.zeros(3), A, -np.ones(len(P)), bounds=(None, None))
    return found.status == 0


def is_interval(P, labels):
    order = np.r_[0, np.asarray(labels)[np.argsort(P[:, 0])]]
    return np.sum(np.diff(order) == 1) <= 1


def labellings(P, can):
    return sum(can(P, l) for l in itertools.product((0, 1), repeat=len(P)))


# %% [markdown]
r"""
Up to $d$ points the number of labellings *may* double with every point. Beyond, it cannot: the lemma of Sauer and Shelah says that a class of VC dimension $d$ makes at most

$$
\Pi(m)\le\sum_{i=0}^d\binom mi\le\Bigl(\frac{em}d\Bigr)^d\qquad(m\ge d)
$$ (eq-lt-sauer)

labellings of $m$ points: a polynomial instead of $2^m$, and $\ln\Pi(m)\approx d\ln m$ instead of $m$.

<details><summary>Why? Every labelling can be given a shattered set of its own.</summary>

Claim: a set $A$ of labellings shatters at least $|A|$ subsets of the points, the empty one included. A single labelling shatters the empty set. If there are more, some point $x$ gets both labels; split $A$ into $A_0,A_1$ by the label of $x$. By induction they shatter at least $|A_0|$ and $|A_1|$ subsets, none of which contains $x$. A subset $T$ that both shatter was counted twice; but then $A$ shatters $T\cup\{x\}$ too, which pays for the second. Now count: shattered subsets have at most $d$ points, and of those there are $\sum_{i\le d}\binom mi$. For the second bound, $\sum_{i\le d}\binom mi\le(\frac md)^d\sum_i\binom mi(\frac dm)^i\le(\frac md)^d(1+\frac dm)^m\le(\frac md)^de^d$.

</details>

Half-planes through random points make exactly $2\sum_{i\le2}\binom{m-1}i$ labellings {cite:p}`cover1965`; in general, linear functions of $p$ features make

$$
\Pi(m)=2\sum_{i=0}^{p-1}\binom{m-1}i .
$$ (eq-lt-cover)

Up to $m=p$ that is $2^m$, beyond it less: $d=p$. But parameters are not the measure: the sign of $\sin\omega x$, with a single one, shatters $0.1,\,0.01,\,\dots,\,10^{-m}$ for every $m$.
"""


# %%
def cover_count(m, p):
    return 2 * sum(math.comb(m - 1, i) for i in range(p))


# %% tags=["checks"]
rng = np.random.default_rng(7)
verify(
    "half-planes on 3 to 6 random points: labellings, by linear programs",
    [labellings(rng.normal(size=(m, 2)), separable) for m in (3, 4, 5, 6)],
    [cover_count(m, 3) for m in (3, 4, 5, 6)],
)
verify_at_most(
    "four points, ten sets: labellings by half-planes, of 16",
    [labellings(rng.normal(size=(4, 2)), separable) for _ in range(10)],
    2**4 - 1,
)
places = 0.1 ** np.arange(1, 6)
verify(
    "one sine on 0.1, 0.01, …, 0.00001: labellings",
    len(
        {
            tuple(np.sin(np.pi * (1 + np.dot(l, 1 / places)) * places) > 0)
            for l in itertools.product((0, 1), repeat=5)
        }
    ),
    2**5,
)
# a hundred and one thresholds; the truth is at 0.37, a fifth of the labels turned
cuts = np.linspace(0, 1, 101)
risks = 0.2 + 0.6 * abs(cuts - 0.37)
excess = []
for _ in range(1000):
    x, turned = rng.random(200), rng.random(200) < 0.2
    wrong = (x > cuts[:, None]) != ((x > 0.37) ^ turned)
    excess.append(risks[wrong.mean(1).argmin()] - risks.min())
verify_at_most(
    "least training error of 101 thresholds: most above the best, of 1,000 samples, over 2t",
    max(excess) / (2 * math.sqrt(math.log(2 * 101 / 0.05) / 400)),
    1.0,
)
verify(
    "intervals on 1 to 8 points: Sauer and Shelah's bound for d = 2 is attained",
    [labellings(np.arange(m)[:, None], is_interval) for m in range(1, 9)],
    [sum(math.comb(m, i) for i in range(3)) for m in range(1, 9)],
)

# %% [markdown]
r"""
:::{exercise} Boxes
:label: ex-lt-rectangles
**Try it.** What is the VC dimension of axis-parallel rectangles in the plane (inside 1, outside 0)?
:::
"""

# %% tags=["yours"]
rectangles = ...  # a whole number

exercise("lt-rectangles").check(rectangles)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Four points in a diamond are shattered. Of any five, take a leftmost, a rightmost, a highest and a lowest; a box around these contains the fifth, so it cannot be the only one outside.

```python
rectangles = 4
```

</details>
"""

# %% [markdown]
r"""
(ghost-sample)=
## The ghost sample

Now put $\Pi(m)$ in the place of $|\mathcal H|$ in [the union](#eq-lt-union)? That would be a false proof, and a tempting one. Which labellings there are is known only *after* the sample has been drawn; Hoeffding's inequality wants a hypothesis fixed before. And $R(h)$ looks at the whole world, on which there are infinitely many hypotheses again. One idea removes both difficulties.

**Let a second sample stand for the world.** Draw a *ghost sample* $S'$ of $n$ further examples that nobody ever sees. $R(h)$ is its expected error, $R(h)=\mathbb E_{S'}\hat R_{S'}(h)$. With losses $\ell_i,\ell_i'$ of $h$ on the two samples, and because the largest mean is at most the mean of the largest,

$$
\mathbb E_S\sup_h\bigl[R(h)-\hat R_S(h)\bigr]\le\mathbb E_{S,S'}\sup_h\frac1n\sum_i(\ell_i'-\ell_i) .
$$

Only $2n$ points are left. **Now swap.** The $i$-th example and its ghost come from the same law; exchange them by the throw of a coin $\sigma_i=\pm1$ and nothing changes:

$$
\dots=\mathbb E\sup_h\frac1n\sum_i\sigma_i(\ell_i'-\ell_i)\le2\,\mathbb E\sup_h\frac1n\sum_i\sigma_i\ell_i .
$$

The samples may be thought of as fixed; all chance is in the coins, which were thrown *after* them. **Last**, write labels and answers as $\pm1$, so that $\ell_i=\frac12(1-y_ih(x_i))$. The 1 has mean zero against a coin, and $-\sigma_iy_i$ is a fair coin again:

$$
\mathbb E_S\sup_h\bigl[R(h)-\hat R_S(h)\bigr]\le\mathfrak R_n(\mathcal H)=\mathbb E\,\sup_{h\in\mathcal H}\frac1n\sum_{i=1}^n\sigma_ih(x_i) .
$$ (eq-lt-rademacher)

This is the *Rademacher complexity* of the class {cite:p}`bartlett2002`, and it is an experiment: throw labels at the class, and see how well it can fit them. If the best fit has the training error $e$, the sum is $1-2e$. The true labels have disappeared.

**By hand.** Thresholds on three points make $+++$, $-++$, $--+$, $---$. Of the eight throws four are among these and fitted perfectly, $\sum\sigma_ih_i=3$; each of the other four is missed in one place, sum 1. So $\mathfrak R_3=\frac13\cdot\frac{4\cdot3+4\cdot1}8=\frac23$.
"""


# %%
def rademacher(H, throws, rng):
    """H (k, n): the ±1 labellings of a class; one value for each throw."""
    sigma = rng.choice([-1, 1], (throws, H.shape[1]))
    return (sigma @ H.T).max(1) / H.shape[1]


def threshold_labellings(n):
    return np.where(np.arange(n) >= np.arange(n + 1)[:, None], 1, -1)  # (n + 1, n)


# %% [markdown]
r"""
Two steps lead to a promise. *From the mean to most samples*: changing one example moves the supremum by at most $\frac1n$, and for such functions the inequality of Hoeffding holds as it does for means: reveal the examples one by one, and each moves the expected supremum within an interval of length $\frac1n$, to which, given the examples already revealed, the lemma in [Hoeffding's proof](#hoeffding-inequality) applies (McDiarmid). With probability $1-\delta$, for all $h$,

$$
R(h)\le\hat R(h)+\mathfrak R_n(\mathcal H)+\sqrt{\frac{\ln(1/\delta)}{2n}} .
$$ (eq-lt-rad-bound)

*From coins to counting*: on the sample the class is a list of $\Pi(n)$ vectors. For a coin $\mathbb Ee^{s\sigma}=\cosh s\le e^{s^2/2}$, so $e^{s\,\mathbb E\max}\le\mathbb E\sum_he^{s\sum_i\sigma_ih_i}\le\Pi(n)\,e^{ns^2/2}$. Take logarithms and the best $s$ (Massart):

$$
\mathfrak R_n(\mathcal H)\le\sqrt{\frac{2\ln\Pi(n)}n}\le\sqrt{\frac{2d\ln(en/d)}n} .
$$ (eq-lt-vc)

So a finite VC dimension suffices for learning: every gap goes to zero, at a rate that no law can spoil. It is also necessary; if arbitrarily large sets are shattered, the no-free-lunch argument applies on them {cite:p}`shalevshwartz2014`.

(maximal-gap)=
**How much was given away?** For thresholds the largest gap has a law, and it is a beautiful one. A *single* hypothesis with risk $\frac12$ has $\sqrt n\,(R-\hat R)\to\mathcal N(0,\frac14)$, one Gaussian of standard deviation $\frac12$. If the labels are all 0, the gap of $h_t$ is the difference between the true and the empirical distribution function at $t$, and $\Pr[\sqrt n\sup_t>\lambda]\to e^{-2\lambda^2}$ (Smirnov): the length of *two* such Gaussians. If the labels are coins, walk along the points and let $S_k$ be the sum of the first $k$ throws: the best threshold has $\sum_i\sigma_ih_i=S_n-2\min_kS_k$, and by a theorem of {cite:t}`pitman1975` that is the length of *three*: the law by which Maxwell's molecules have their speeds.
"""


# %% tags=["set-up"]
def largest_gaps(n, runs, rng):
    """√n times the largest gap R − R̂ of all thresholds: labels 0, labels by coins."""
    x = np.sort(rng.uniform(size=(runs, n)), axis=1)
    quiet = (1 - x - (n - 1 - np.arange(n)) / n).max(1)  # t just right of a point
    walk = np.cumsum(rng.choice([-1, 1], (runs, n)), axis=1)
    coins = (walk[:, -1] - 2 * np.minimum(walk.min(1), 0)) / (2 * n)
    return math.sqrt(n) * quiet, math.sqrt(n) * coins


quiet_gaps, coin_gaps = largest_gaps(400, 4000, np.random.default_rng(8))
lengths = [stats.chi(k, scale=0.5) for k in (1, 2, 3)]  # of k Gaussians
tail = hoeffding(400, 0.05)
prices = {
    "thresholds, labels 0: 95 % of the gaps below": np.quantile(quiet_gaps, 0.95) / 20,
    "thresholds, labels by coins: 95 % below": np.quantile(coin_gaps, 0.95) / 20,
    "one hypothesis of risk 1/2: 95 % below": lengths[0].ppf(0.90) / 20,
    "Hoeffding for a single hypothesis": tail,
    "bound with the Rademacher complexity": lengths[2].mean() / 10 + tail,
    "… with the number of labellings": math.sqrt(2 * math.log(401) / 400) + tail,
    "… with the VC dimension": math.sqrt(2 * math.log(math.e * 400) / 400) + tail,
}
for name, value in prices.items():
    print(f"{name:46}{value:.3f}")

# %% tags=["picture"] mystnb={"image": {"alt": "Histograms of the largest gap of all thresholds times root n, over 4,000 samples, for labels 0 and for labels by coins, with the densities of the length of two and of three Gaussians on top of them; the histogram for coins lies further right."}}
fig, ax = plt.subplots(figsize=(6.8, 2.7))
s = np.linspace(0, 2.2, 200)
for gaps_seen, law, colour, name in (
    (quiet_gaps, lengths[1], plot.BLUE, "labels 0: two Gaussians"),
    (coin_gaps, lengths[2], plot.RED, "coins: three Gaussians"),
):
    ax.hist(
        gaps_seen, np.arange(-0.025, 2.4, 0.05), density=True, color=colour, alpha=0.3
    )
    ax.plot(s, law.pdf(s), color=colour, label=name)
ax.set(xlabel=r"$\sqrt{n}$ times the largest gap", yticks=[])
ax.legend()
plt.show()

# %% [markdown]
r"""
All thresholds at once cost 0.059 and 0.070, one alone 0.041 (Hoeffding grants it 0.061). The bounds say 0.14, 0.23, 0.25. It is tempting to call the difference the price of not knowing the law; but both laws above hold for every continuous law of $x$, too. What was paid, for coins, is 0.04 for the factor 2 of the swap, 0.03 for McDiarmid's tail, and then the $\ln n$ (0.09) for treating $n+1$ labellings, most of which are nearly the same, as if they were independent. (The curves lie a little to the right of the histogram for coins: at $n=400$ a walk in whole steps misses part of the extremes.)
"""

# %% tags=["checks"]
verify(
    "thresholds on three points: Rademacher complexity over all eight throws",
    np.mean(
        [
            max(threshold_labellings(3) @ np.array(s))
            for s in itertools.product((-1, 1), repeat=3)
        ]
    )
    / 3,
    2 / 3,
    atol=1e-12,
)
verify_within_se(
    "thresholds on 400 points, 4,000 throws: Rademacher complexity, against twice the gap",
    rademacher(threshold_labellings(400), 4000, np.random.default_rng(9)),
    2 * coin_gaps.mean() / 20,
)
verify(
    "largest gap, labels by coins: mean against three Gaussians, within steps of 1/√n",
    coin_gaps.mean(),
    lengths[2].mean(),
    atol=1 / math.sqrt(400),
)
verify_at_most(
    "distance of the two empirical laws from chi with 2 and 3 degrees, over the 99.9 % "
    "point of Kolmogorov and one step of the walk",
    [
        stats.kstest(quiet_gaps, lengths[1].cdf).statistic
        / (stats.kstwobign.ppf(0.999) / math.sqrt(4000) + 0.5 / 20),
        stats.kstest(coin_gaps, lengths[2].cdf).statistic
        / (stats.kstwobign.ppf(0.999) / math.sqrt(4000) + 1.2 / 20),
    ],
    1.0,
)

# %% [markdown]
r"""
See it converge: each grey line is the training error of *all* thresholds on one sample, the black line their risk (the labels are right, except for 10 %). The band is [the bound with the number of labellings](#eq-lt-vc). What matters is that the *whole* line stays near, so that its lowest point is a good one.
"""


# %% tags=["picture"]
def uniform_band(n):
    fig, ax = plt.subplots(figsize=(6.8, 2.9))
    cuts, rng = np.linspace(0, 1, 201), np.random.default_rng(10)
    risk = 0.1 + 0.8 * abs(cuts - 0.4)
    width = math.sqrt(2 * math.log(n + 1) / n) + hoeffding(n, 0.05)
    ax.fill_between(cuts, risk - width, risk + width, color=plot.BLUE, alpha=0.12, lw=0)
    for _ in range(12):
        x, y = noisy_threshold(n, rng)
        seen = ((x >= cuts[:, None]) != y).mean(1)
        ax.plot(cuts, seen, color=plot.GREY, lw=0.8)
        ax.plot(cuts[seen.argmin()], seen.min(), ".", color=plot.RED)
    ax.plot(cuts, risk, color="black")
    ax.set(
        xlabel="threshold",
        ylim=(0, 1),
        title=f"{n:,} examples; red: where each is lowest",
    )
    return fig


explore(
    uniform_band,
    alt="Training error of all thresholds on twelve samples as grey lines around the black line of their risk, in a band that narrows as the number of examples grows; the lowest points gather at 0.4",
    n=[25, 100, 400, 1600],
)

# %% [markdown]
r"""
:::{exercise} Two constants
:label: ex-lt-two-constants
**Try it.** A class has two members, "always $+1$" and "always $-1$". What is its Rademacher complexity on $n=4$ points?
:::
"""

# %% tags=["yours"]
two_constants = ...  # a number

exercise("lt-two-constants").check(two_constants)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The better of the two reaches $|\sigma_1+\dots+\sigma_4|$. Of 16 throws 2 give 4, 8 give 2, 6 give 0: mean $\frac{8+16}{16}=1.5$, divided by 4.

```python
two_constants = 1.5 / 4
```

</details>
"""

# %% [markdown]
r"""
(live-capacity)=
## Throw labels at a classifier

The second student of the opening was a measurement of Rademacher complexity. Call the digits 0 to 4 minus and 5 to 9 plus, then its throws are coins, and it fits all 1,400: $\sum_i\sigma_ih(x_i)/n=1$. One throw is enough to be nearly sure of the mean, because changing a coin moves the supremum by at most $2/n$: with probability 0.95, $\mathfrak R_n\ge1-\sqrt{2\ln20/1400}=0.93$. So [the bound](#eq-lt-rad-bound) for networks of this size is at least 0.93, whatever labels they are taught, *also for the first student*, who will be right in 98 of 100. {cite:t}`zhang2017` found the same for large networks and photographs. That is the end of the road on which all hypotheses are feared at once: a class that can learn dice gets no promise.

Drive along this road yourself. Two hundred points in the plane, each with its true label or, for a share of them, one thrown by a coin. A linear classifier on $p$ random features $\tanh(8(w_j^\top x+b_j))$ is fitted by least squares with a tiny penalty. The bound is [this](#eq-lt-rad-bound) with [Massart's](#eq-lt-vc) and [Cover's count](#eq-lt-cover). Test examples are thrown like the training examples.

Four things to find. All labels thrown: the training error falls to zero, and the test error never moves. None thrown: does the bound ever get below one half, and is any test error as bad as that? A fifth thrown: the best capacity, by the test error. None thrown, from 100 features on: the test error rises towards $p=n$ and *falls again* beyond, with nothing in the bound to say so. That is [double descent](#headline-double-descent).
"""


# %%
def fit_scores(Phi, y, Phi_new, penalty):
    """Least squares on p features with a penalty; scores on both sets."""
    p = Phi.shape[1]
    theta = linalg.solve(Phi.T @ Phi + penalty * np.eye(p), Phi.T @ y, assume_a="pos")
    return Phi @ theta, Phi_new @ theta


def capacity_bound(n, p, delta=0.05):
    labellings_ln = math.log(cover_count(n, p))
    return math.sqrt(2 * labellings_ln / n) + hoeffding(n, delta)


# %% tags=["set-up"]
FEATURES = [1, 2, 3, 5, 8, 12, 20, 35, 60, 100, 150, 200, 280, 400, 700]


def make_capacity(rng, n=200, n_new=400, throws=8):
    """Everything that the figure is given, rounded, so that both compute from the same."""
    X, X_new = (rng.uniform(-1, 1, (k, 2)).round(3) for k in (n, n_new))
    above = lambda A: np.where(A[:, 1] > 0.5 * np.sin(3 * A[:, 0]), 1, -1)
    w = rng.normal(size=(max(FEATURES), 2))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    b = rng.uniform(-1.2, 1.2, max(FEATURES))
    return {
        "X": X.tolist(),
        "y": above(X).tolist(),
        "new": X_new.tolist(),
        "newY": above(X_new).tolist(),
        "w": np.c_[8 * w, 8 * b].round(3).tolist(),
        # a throw: the example is thrown if |u| is below the share, its coin is u's sign
        "throws": rng.uniform(-1, 1, (throws, n)).round(3).tolist(),
        "features": FEATURES,
        "bounds": [round(capacity_bound(n, p), 4) for p in FEATURES],
    }


def capacity_features(X, w):
    w = np.asarray(w)
    Phi = np.tanh(np.asarray(X) @ w[:, :2].T + w[:, 2])
    Phi[:, 0] = 1.0
    return Phi


def capacity(state, given):
    """Training and test error for every p; the scores of five new points for one p."""
    u = np.array(given["throws"][state["throw"]])
    share, y = state["share"], np.array(given["y"])
    told = np.where(abs(u) < share, np.where(u < 0, -1, 1), y)
    seen, new = [], []
    Phi, Phi_new = (capacity_features(given[s], given["w"]) for s in ("X", "new"))
    for k, p in enumerate(given["features"]):
        scores, scores_new = fit_scores(
            Phi[:, :p], told.astype(float), Phi_new[:, :p], 5e-7 * p
        )
        seen.append(np.mean((scores > 0) != (told > 0)))
        wrong = np.mean((scores_new > 0) != (np.array(given["newY"]) > 0))
        new.append(share / 2 + (1 - share) * wrong)
        if k == state["k"]:
            five = scores_new[:5]
    return [seen, new, five.tolist()]


capacity_data = make_capacity(np.random.default_rng(0))

# %% tags=["picture"]
capacity_open = {"share": 0.2, "throw": 0, "k": 6}


def capacity_still(state):
    seen, new, _ = capacity(state, capacity_data)
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    ax.plot(FEATURES, seen, "o-", color=plot.BLUE, label="training error")
    ax.plot(FEATURES, new, "o-", color=plot.RED, label="test error")
    ax.plot(
        FEATURES,
        seen + np.array(capacity_data["bounds"]),
        "--",
        color=plot.GREY,
        label="bound",
    )
    ax.set(xscale="log", ylim=(0, 1), xlabel="features", ylabel="error")
    ax.legend(loc="upper left")
    return fig


rng = np.random.default_rng(11)
live(
    "capacity",
    {**capacity_data, "open": capacity_open},
    still=capacity_still(capacity_open),
    states=[
        {
            "share": round(float(rng.choice([0, 0.1, 0.2, 0.5, 1])), 2),
            "throw": int(rng.integers(8)),
            "k": int(rng.integers(len(FEATURES))),
        }
        for _ in range(20)
    ],
    truth=lambda state: capacity(state, capacity_data),
    alt="Two hundred points of two colours in the plane with the regions of a classifier; beside it training error, test error and bound against the number of features. The share of thrown labels and the number of features can be dragged",
)

# %% tags=["set-up"]
capacity_runs = {
    share: np.array(
        [
            capacity({"share": share, "throw": t, "k": 0}, capacity_data)[:2]
            for t in range(1 if share == 0 else 4)
        ]
    )
    for share in (0, 0.2, 1)
}
clean_runs = np.array(
    [
        capacity(
            {"share": 0, "throw": 0, "k": 0},
            make_capacity(np.random.default_rng([1, k])) | {"features": FEATURES[2::2]},
        )[:2]
        for k in range(24)
    ]
)  # 24 samples of their own, no label thrown
print("features           ", *(f"{p:5}" for p in FEATURES[2::2]))
for share, runs in ((0, clean_runs), *list(capacity_runs.items())[1:]):
    for part, name in ((0, "training"), (1, "test")):
        row = runs[:, part].mean(0)[2::2] if share else runs[:, part].mean(0)
        print(f"{share:4.0%} thrown, {name:8}", *(f"{v:5.2f}" for v in row))
print("bound on the gap   ", *(f"{v:5.2f}" for v in capacity_data["bounds"][2::2]))

# %% [markdown]
r"""
With a fifth thrown nobody can get below 0.10. The classifier gets to 0.16 with 60 features, and whoever goes on until every throw is learned pays with 0.31: here noise is not forgiven. Without noise, over 24 samples, 60 features err in 3 % of the cases, 280 in 10 %, 700 in 7 %. The bound, meanwhile, prefers one or two features throughout, and is empty from 35 on.
"""

# %% tags=["checks"]
dice_sign, said_sign = (
    torch.sign(answer - 4.5) for answer in (dice, dice_student(pixels).argmax(1))
)  # 0 to 4 minus, 5 to 9 plus
verify(
    "the second student as a fitter of 1,400 coins: Σσh/n",
    (dice_sign * said_sign).mean().item(),
    1.0,
    atol=0,
)
verify_at_most(
    "700 features: training error on four throws of coins",
    capacity_runs[1][:, 0, -1],
    0.005,
)
noisy = capacity_runs[0.2][:, 1].mean(0)
rise = clean_runs[:, 1, 5, None] - clean_runs[:, 1, [3, 6]]
verify_at_least(
    "no label thrown, 24 samples: test error at 280 features minus that at 60 and at "
    "700, in standard errors",
    rise.mean(0) / (rise.std(0, ddof=1) / math.sqrt(24)),
    [4.0, 2.0],
)
verify_at_least(
    "a fifth thrown, four throws: test error at 700 features minus that at 60, "
    "in standard errors of 400 test points at most",
    (noisy[14] - noisy[8]) / (0.8 * math.sqrt(0.25 / 400)),
    4.0,
)
verify(
    "features at which training error plus bound is least: largest of all shares thrown",
    max(
        FEATURES[(runs[:, 0].mean(0) + capacity_data["bounds"]).argmin()]
        for runs in capacity_runs.values()
    ),
    2,
)
two, line, every = math.log(2), math.log(2 * 200), 200 * math.log(2)
verify(
    "bound on the gap for 1, 2 and 200 features: 2, 400 and all labellings of 200 points",
    [capacity_data["bounds"][k] for k in (0, 1, 11)],
    [
        math.sqrt(2 * count / 200) + math.sqrt(math.log(20) / 400)
        for count in (two, line, every)
    ],
    atol=5e-5,
)
by_counting = [
    sum(
        separable(np.array(capacity_data["X"])[:5], l)
        for l in itertools.product((0, 1), repeat=5)
    )
]
verify("Cover's count on five of the points, p = 3", by_counting, [cover_count(5, 3)])
verify_at_most(
    "gaps seen, at every capacity, over the bound",
    [
        ((r[:, 1] - r[:, 0]) / capacity_data["bounds"]).max()
        for r in capacity_runs.values()
    ],
    1.0,
)

# %% [markdown]
r"""
(pac-bayes-bound)=
## Pay only for the distance travelled

Uniform convergence fears every hypothesis equally, and so learns nothing from *which* one was chosen. Change the rules. Before seeing data, spread one unit of belief over the hypotheses, a distribution $P$. After seeing them choose another, $Q$, and answer each question with a hypothesis drawn from $Q$. The price shall be how far belief has moved, $\mathrm{KL}(Q\|P)$.

**An example.** Sixteen hypotheses, $P$ uniform. Whoever ends with all belief on one of them pays $\ln16=2.8$, as in [the union](#eq-lt-union). Whoever ends undecided between eight pays $\ln2=0.7$. Whoever learned nothing pays nothing.

:::{prf:theorem} PAC-Bayes
:label: thm-lt-pac-bayes
For losses in $\{0,1\}$ and $P$ fixed before the $s$ examples, with probability at least $1-\delta$, for all $Q$ at once {cite:p}`mcallester1999,maurer2004`,

$$
\mathrm{kl}\bigl(\hat R(Q)\,\big\|\,R(Q)\bigr)\le\frac{\mathrm{KL}(Q\|P)+\ln(2\sqrt s/\delta)}s,
$$ (eq-lt-kl)

where $R(Q)=\mathbb E_{h\sim Q}R(h)$ and $\mathrm{kl}(q\|p)=q\ln\frac qp+(1-q)\ln\frac{1-q}{1-p}$. Since $\mathrm{kl}(q\|p)\ge2(p-q)^2$,

$$
R(Q)\le\hat R(Q)+\sqrt{\frac{\mathrm{KL}(Q\|P)+\ln(2\sqrt s/\delta)}{2s}} .
$$ (eq-lt-pb)
:::

:::{prf:proof}
*Change of measure.* For any function $g$ of hypotheses let $P_g$ be the distribution with density $\propto e^g$ with respect to $P$. Then $0\le\mathrm{KL}(Q\|P_g)=\mathrm{KL}(Q\|P)-\mathbb E_Qg+\ln\mathbb E_Pe^g$, so

$$
\mathbb E_Qg\le\mathrm{KL}(Q\|P)+\ln\mathbb E_Pe^g\qquad\text{for all }Q.
$$ (eq-lt-change)

*One hypothesis.* Take $g(h)=s\,\mathrm{kl}(\hat R(h)\|R(h))$. For a fixed $h$, $s\hat R$ is binomial, and the factors $R^k(1-R)^{s-k}$ cancel: $\mathbb E_Se^{g}=\sum_k\binom sk(\frac ks)^k(1-\frac ks)^{s-k}$, a sum of $s+1$ probabilities, hence at most $s+1$; Stirling's formula makes it $2\sqrt s$.
*Most samples.* Hence $\mathbb E_S\mathbb E_Pe^g\le2\sqrt s$, since $P$ does not depend on $S$; by Markov's inequality $\mathbb E_Pe^g\le2\sqrt s/\delta$ with probability $1-\delta$.
*Back to $Q$.* $\mathrm{kl}$ is convex, so $s\,\mathrm{kl}(\hat R(Q)\|R(Q))\le\mathbb E_Qg$. Put the lines together.
:::

The chance $\delta$ is spent once, before $Q$ is chosen: that is why "all $Q$ at once" is allowed, and why $Q$ may be the result of any optimisation.
"""


# %%
def small_kl(q, p):
    return special.rel_entr(q, p) + special.rel_entr(1 - q, 1 - p)


def kl_inverse(q, budget):
    """The largest p with kl(q‖p) ≤ budget."""
    if small_kl(q, 1 - 1e-12) <= budget:
        return 1.0
    return optimize.brentq(lambda p: small_kl(q, p) - budget, q, 1 - 1e-12)


def pac_bayes(q, KL, s, delta=0.05):  # setting
    return kl_inverse(q, (KL + math.log(2 * math.sqrt(s) / delta)) / s)


# %% [markdown]
r"""
Does it hold, and would one notice if it did not? With $\delta=0.05$ a bound that is a little wrong never fails in a simulation. So ask for more: 12 examples of pure noise, 64 hypotheses that answer by coins, $\delta=0.5$, all belief on the luckiest. Beside it the same statement without the KL, and without the logarithm.
"""


# %% tags=["set-up"]
def share_failed(runs=4000, s=12, size=64, delta=0.5):
    """How often kl(R̂‖R) exceeds the theorem's right-hand side, and two false ones."""
    rng = np.random.default_rng(14)
    luckiest = rng.binomial(s, 0.5, (runs, size)).min(1) / s
    spent, KL, log = (
        s * small_kl(luckiest, 0.5),
        math.log(size),
        math.log(2 * math.sqrt(s) / delta),
    )
    return [np.mean(spent > limit) for limit in (KL + log, log, KL)]


failures = share_failed()
for name, value in zip(
    ("the theorem", "without the KL", "without the logarithm"), failures
):
    print(f"{name:24}fails in {value:5.1%} (allowed: 50 %)")

# %% [markdown]
r"""
The theorem is cautious. Without the KL it would be false: luck among 64 has to be paid for. Without the logarithm it survives this one experiment.
"""

# %% tags=["checks"]
k, s = np.arange(13), 12
exact_law = 1 - (1 - stats.binom.cdf(k, s, 0.5)) ** 64  # of the luckiest
fails_at = s * small_kl(k / s, 0.5) > math.log(64) + math.log(2 * math.sqrt(s) / 0.5)
verify(
    "share in which the theorem fails, against the exact law of the luckiest of 64",
    failures[0],
    np.diff(np.r_[0, exact_law])[fails_at].sum(),
    atol=4 * math.sqrt(0.015 / 4000),
)
verify_at_most("… which is at most δ", failures[0], 0.5)
verify("a budget that rules nothing out", kl_inverse(0.5, 50.0), 1.0)
verify_at_least("without the KL: share of failures minus δ", failures[1] - 0.5, 0.1)
s, risks = np.array([1, 2, 10, 100]), (0.5, 0.1, 0.3, 0.02)
moment = [
    (
        stats.binom.pmf(np.arange(n + 1), n, p)
        * np.exp(n * small_kl(np.arange(n + 1) / n, p))
    ).sum()
    for n, p in zip(s, risks)
]
verify_at_most(
    "E exp(s kl(R̂‖R)) for four sizes and risks, over 2√s; and half of that over it",
    np.r_[moment / (2 * np.sqrt(s)), np.sqrt(s) / moment],
    1.0,
)
rng = np.random.default_rng(15)
g, any_Q = rng.normal(size=(500, 16)), rng.dirichlet(np.ones(16), 500)
slack = np.sum(any_Q * (np.log(16 * any_Q) - g), 1) + np.log(np.exp(g).mean(1))
tilted = np.exp(g) / np.exp(g).sum(1, keepdims=True)
verify(
    "change of measure, 500 cases: the slack is KL(Q‖P_g)",
    slack,
    special.rel_entr(any_Q, tilted).sum(1),
    atol=1e-12,
)

# %% [markdown]
r"""
:::{exercise} Never wrong
:label: ex-lt-no-mistakes
**Try it.** If $\hat R(Q)=0$, [the sharp bound](#eq-lt-kl) can be solved by hand. Give the largest $p$ with $\mathrm{kl}(0\|p)\le c$.
:::
"""

# %% tags=["yours"]
never_wrong = ...  # a function of c

exercise("lt-no-mistakes").check(never_wrong)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\mathrm{kl}(0\|p)=-\ln(1-p)$. For small $c$ that is $c$ itself, not $\sqrt{c/2}$: without mistakes the bound falls like $1/s$.

```python
never_wrong = lambda c: 1 - math.exp(-c)
```

</details>
"""

# %% [markdown]
r"""
(headline-pac-bayes)=
## Honest against dice

Back to the two students. What must it cost to repeat a die? Whatever $Q$ does, it errs on new dice with $R(Q)=0.9$ exactly. So [the theorem](#eq-lt-kl), read backwards, is a toll: with probability $1-\delta$,

$$
\mathrm{KL}(Q\|P)\ge s\,\mathrm{kl}\bigl(\hat R(Q)\big\|0.9\bigr)-\ln\frac{2\sqrt s}\delta\qquad\text{for every }Q,
$$ (eq-lt-toll)

and nobody repeats 1,400 dice for less than $1400\ln10-10\approx3{,}210$ nats ($\delta=0.0025$). Whoever repeats honest labels for less has a promise below 0.9. Does the first student?

Both networks are taken as they stand: 19,210 weights, each with a mean and a standard deviation of its own, $Q=\mathcal N(\mu,\operatorname{diag}\sigma^2)$, at first $\mu$ the trained weights $\theta$ and $\sigma=0.03$. Belief before is $P=\mathcal N(\theta_0,\tau^2I)$ around the start $\theta_0$ that they share, with $\tau=0.4$. The distance is a formula,

$$
\mathrm{KL}(Q\|P)=\frac12\sum_j\Bigl(\frac{\sigma_j^2+(\mu_j-\mu_j^P)^2}{\tau^2}-1-\ln\frac{\sigma_j^2}{\tau^2}\Bigr),
$$ (eq-lt-gauss-kl)

and $\mu,\sigma$ are trained on the cross-entropy plus $\lambda\,\mathrm{KL}/s$, as {cite:t}`dziugaite2017` did, with a price $\lambda$ that rises in four stages, so that each student gives up first what is dearest to keep. (In the code every example draws its own scores, Gaussian given the layer below.) $\hat R(Q)$ can only be sampled: every question is asked twenty times, each time of a new network.

<details><summary>Who pays out of δ = 0.05?</summary>

Rates, steps, $\lambda$ and the share of the examples that a step looks at (two in five) only choose $Q$ and are free; $P$ is not, so $\delta=0.05/10$ pays for trying up to ten widths $\tau$. Half of it goes to the theorem. The other half pays for the sampling. If a share $q$ of the $N=28{,}000$ answers is wrong, Chernoff's bound, $\mathrm{kl}(q\|\hat R(Q))\le\frac1N\ln\frac8\delta$ for all four prices, gives the upper end {cite:p}`hoeffding1963`.

</details>
"""


# %%
def gauss_kl(mu, sigma, prior, tau):
    ratio = (sigma**2 + (mu - prior) ** 2) / tau**2
    return 0.5 * (ratio - 1 - 2 * torch.log(sigma / tau)).sum()


def drawn_scores(mu, sigma, H):
    """Scores under Gaussian weights: lists of (in + 1, out), one for each layer."""
    for k, (m, s) in enumerate(zip(mu, sigma)):
        H = with_one(H.relu() if k else H)
        H = H @ m + (H**2 @ s**2).sqrt() * torch.randn(len(H), m.shape[1])
    return H


def cost(mu, sigma, KL, X, told, price):
    return F.cross_entropy(drawn_scores(mu, sigma, X), told) + price * KL / len(X)


# %% tags=["set-up"]
def distance(mu, sigma, prior, tau):
    return sum(gauss_kl(m, s, p, tau) for m, s, p in zip(mu, sigma, prior))


def train_belief(Q, prior, tau, X, told, price, steps, lr, share=1):
    """Mean and standard deviations of Q; a step looks at a share of the examples."""
    mu = [m.clone().requires_grad_() for m in Q[0]]
    log_sigma = [s.log().requires_grad_() for s in Q[1]]
    optimizer = torch.optim.Adam(
        [{"params": mu}, {"params": log_sigma, "lr": 2 * lr}], lr
    )
    for _ in range(steps):
        optimizer.zero_grad()
        sigma = [l.exp() for l in log_sigma]
        KL = distance(mu, sigma, prior, tau)
        rows = torch.randperm(len(X))[: round(share * len(X))]
        cost(mu, sigma, KL, X[rows], told[rows], price * share).backward()
        optimizer.step()
    return [m.detach() for m in mu], [l.detach().exp() for l in log_sigma]


@torch.no_grad()
def share_wrong(Q, X, told, draws=20):
    """Share of wrong answers, each given by a network of its own drawn from Q."""
    (m, *mu), (s, *sigma) = Q
    H = with_one(X)
    mean, spread, wrong = H @ m, (H**2 @ s**2).sqrt(), []  # the first layer, for all
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for _ in range(draws):
            scores = mean + spread * torch.randn(mean.shape)
            if mu:
                scores = drawn_scores(mu, sigma, scores.relu())
            wrong.append(scores.argmax(1) != told)
    return torch.stack(wrong).float().mean().item()


def promise_of(Q, prior, tau, X, told, delta, draws=20, looks=1):
    """Error seen, its upper end, KL, promise; each part costs half of delta."""
    seen, KL = share_wrong(Q, X, told, draws), distance(*Q, prior, tau).item()
    most = kl_inverse(seen, math.log(2 * looks / delta) / (draws * len(X)))
    return seen, most, KL, pac_bayes(most, KL, len(X), delta / 2)


def layers(net):
    return [
        torch.cat([l.weight.T, l.bias[None]]).detach()
        for l in net
        if isinstance(l, nn.Linear)
    ]


start = layers(student(labels, steps=0))
believed = {}  # a row for each price: seen, upper end, KL, promise, examination, means
print("labels   price   seen   at most   KL: means   widths   promise   examination")
for name, net, told, new in (
    ("honest", honest_student, labels, new_labels),
    ("dice", dice_student, dice, new_dice),
    ("no one's", student(labels, steps=0), labels, new_labels),
):
    torch.manual_seed(0)
    Q, believed[name] = (layers(net), [torch.full_like(m, 0.03) for m in start]), []
    for price in (0.01, 0.1, 0.3, 1.0):
        Q = train_belief(Q, start, 0.4, pixels, told, price, 60, 0.02, 0.4)
        row = promise_of(Q, start, 0.4, pixels, told, 0.05 / 10, looks=4)
        means = distance(Q[0], [torch.tensor(0.4)] * 2, start, 0.4).item()
        believed[name].append((*row, share_wrong(Q, new_pixels, new), means))
        seen, most, KL, bound, truth, means = believed[name][-1]
        print(
            f"{name:8}{price:6}   {seen:.3f}   {most:.3f}  {means:11.0f}{KL - means:9.0f}     {bound:.3f}         {truth:.3f}"
        )
best_of = {name: min(rows, key=lambda row: row[3]) for name, rows in believed.items()}
headline(
    "Error on 397 new examples of networks drawn around means trained on from the student of "
    "honest labels and from that of dice, against the promise computed from the training data alone",
    [best_of["honest"][4], best_of["dice"][4]],
    [best_of["honest"][3], best_of["dice"][3]],
    rtol=0.01,
    sense="at most",
)


# %% tags=["picture"] mystnb={"image": {"alt": "The plane of error seen and KL on a logarithmic axis, with lines of equal promise at 0.9, 0.7 and 0.5. The path of the dice student runs from error 0.03 and forty thousand nats to 0.9 and three thousand, always above the line of promise 0.9; the path of the honest student starts above it, too, at thirteen thousand nats, and then dives under it while its error grows to 0.1. Beside it bars of the nats at four prices, split into means and widths: the dice student pays several times as much for both, except at the highest price, where the widths of both cost about the same."}}
def toll(q, risk, s=1400, delta=0.05 / 20):
    """Nats at which the promise for the error q seen is the risk."""
    return s * small_kl(q, risk) - math.log(2 * math.sqrt(s) / delta)


fig, (ax, bill) = plt.subplots(1, 2, figsize=(6.8, 3.2), width_ratios=[3, 2])
for risk, shade in ((0.9, 1.0), (0.7, 0.6), (0.5, 0.4)):
    q = np.linspace(0, 0.9 * risk, 200)
    ax.plot(q, toll(q, risk), color="black", lw=1, ls=":", alpha=shade)
    ax.text(0.45 * risk, toll(0.45 * risk, risk), f" promise {risk}", fontsize=8)
for k, ((name, rows), colour) in enumerate(
    zip(believed.items(), (plot.BLUE, plot.RED))
):
    _, most, KL, *_, means = np.array(rows).T
    ax.plot(most, KL, "o-", color=colour, label=f"{name} student")
    places = np.arange(4) + 0.4 * k - 0.2
    bill.bar(places, means, 0.38, color=colour)
    bill.bar(places, KL - means, 0.38, means, color=colour, alpha=0.35)
ax.set(yscale="log", ylim=(200, 1e5), xlabel="error, upper end", ylabel="nats")
ax.legend(fontsize=8)
bill.set(xlabel="price", title="nats: means (full), widths (pale)")
bill.set_xticks(range(4), ["0.01", "0.1", "0.3", "1"])
bill.title.set_fontsize(9)
plt.show()

# %% [markdown]
r"""
At twelve mistakes in a hundred the honest student has travelled some 1,450 nats, less than [the toll](#eq-lt-toll) for dice, some 2,310; the other, at about a quarter, more than 25,000. So this could be known before the examination, from the training data alone: at best 0.79 against 1.000. The weights are as many, the start and the rule are the same; but the dice student has moved its weights more than twice as far *and* must keep more of them sharp (at price 0.3 each is half of its bill), and no price brings it under 0.9. The honest one has its limits, too. To the letter, with three mistakes in a *thousand*, it has travelled more than 13,000 nats and is promised nothing (1.000). And the promise is for networks drawn around means that the recipe has trained on from it. How much of it is the student's? Start the same four stages from *no one's* weights, those before any training: 0.79, too. What is promised, then, is less that this student has understood than that these labels can be learned at so small a distance from the start.

**Is 0.79 good?** A smaller class pays less: 650 linear weights with $P=\mathcal N(0,I)$ are promised 0.42, with nothing held out. And the plainest rival is to hold out half. Learn ordinary weights on 700 examples, count mistakes on the other 700, and invert [the binomial law](#two-risks). PAC-Bayes may use the same split, too: learn the mean of the *prior* on the first half ($\tau=0.05$), and compute the bound on the second, which this prior has not seen.
"""


# %% tags=["set-up"]
A, A_new = with_one(pixels), with_one(new_pixels)  # (n, 65)


def learn_linear(A, told, steps=400):
    W = torch.zeros(65, 10, requires_grad=True)
    optimizer = torch.optim.Adam([W], 0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        (F.cross_entropy(A @ W, told) + 1e-4 * (W**2).sum()).backward()
        optimizer.step()
    return W.detach()


def mistakes(W, A, told):
    return int(((A @ W).argmax(1) != told).sum())


zero = torch.zeros(65, 10)
Q_zero = train_belief(
    ([zero], [zero + 0.5]), [zero], 1.0, pixels, labels, 1.0, 300, 0.03
)
learned, second = learn_linear(A[:700], labels[:700]), slice(700, 1400)
Q_half = train_belief(
    ([learned], [zero + 0.05]),
    [learned],
    0.05,
    pixels[second],
    labels[second],
    1.0,
    100,
    0.002,
)
held_out = mistakes(learned, A[second], labels[second])
dice_learned = learn_linear(A[:700], dice[:700])
same_data = {
    "PAC-Bayes, nothing held out": (
        promise_of(Q_zero, [zero], 1.0, pixels, labels, 0.05, 200)[3],
        share_wrong(Q_zero, new_pixels, new_labels),
    ),
    "PAC-Bayes, prior from the first half": (
        promise_of(Q_half, [learned], 0.05, pixels[second], labels[second], 0.05, 200)[
            3
        ],
        share_wrong(Q_half, new_pixels, new_labels),
    ),
    "hold-out, binomial law": (
        exact_upper(held_out, 700, 0.05),
        mistakes(learned, A_new, new_labels) / 397,
    ),
    "dice: hold-out, binomial law": (
        exact_upper(mistakes(dice_learned, A[second], dice[second]), 700, 0.05),
        mistakes(dice_learned, A_new, new_dice) / 397,
    ),
}
print("                                        promise   examination")
for name, (bound, truth) in same_data.items():
    print(f"{name:40}{bound:.3f}     {truth:.3f}")

# %% [markdown]
r"""
The plain test set wins: 0.054 against 0.082, and for one fixed classifier, whose weights nobody has to draw. Of dice it says at once what they are worth, 0.93. With a prior from the first half the KL does almost no work; the bound is a test set in disguise, with a surcharge. This is no accident of our example {cite:p}`foong2021`.

**What PAC-Bayes buys**: a promise from the very examples one learned from, none held out; valid for every $Q$ at once, so that one may train on it and choose by it; and a reason, in nats. **What it does not buy**: a tighter number than a test set, a promise for one fixed network (ours is drawn anew each time), or freedom in choosing the prior after looking. Promises of this kind for large networks exist, if one compresses them first {cite:p}`zhou2019`.
"""

# %% tags=["checks"]
verify_at_most(
    "honest student: nats, over the toll for repeating dice with so few mistakes",
    best_of["honest"][2] / toll(best_of["honest"][1], 0.9),
    1.0,
)
verify_at_most(
    "… and the best promise of the honest student", best_of["honest"][3], 0.85
)
rng, law = np.random.default_rng(22), np.ones(1)
for chance in (chances := rng.uniform(0, 0.6, 200)):  # 200 answers, unequal chances
    law = np.convolve(law, [1 - chance, chance])  # of the number of wrong ones
few = np.arange(1, int(chances.sum()))
verify_at_most(
    "Chernoff's bound: exact chance of so few wrong answers, over exp(−N kl)",
    law.cumsum()[few] / np.exp(-200 * small_kl(few / 200, chances.mean())),
    1.0,
)
verify(
    "the upper end, put back: Chernoff's eight failures a price use half of δ",
    [
        4 * np.exp(-28_000 * small_kl(row[0], row[1]))
        for name in ("honest", "dice")
        for row in believed[name]
    ],
    np.full(8, 0.05 / 10 / 2),
    rtol=1e-4,
)
honest_bill, dice_bill = (
    np.array(believed[name])[:, [5, 2]] for name in ("honest", "dice")
)
verify_at_least(
    "prices 0.01 to 0.3: the distance of the dice student's means over the honest one's",
    np.sqrt(dice_bill[:3, 0] / honest_bill[:3, 0]),
    2.0,
)
verify_at_least(
    "price 0.3: bill of the dice student for its means, and for its widths, over the whole "
    "bill of the honest one",
    [dice_bill[2, 0] / honest_bill[2, 1], np.diff(dice_bill[2])[0] / honest_bill[2, 1]],
    2.0,
)
verify_at_least(
    "dice student, four prices: nats beyond that toll",
    [KL - toll(most, 0.9) for _, most, KL, *_ in believed["dice"]],
    0.0,
)
verify_at_most(
    "all twelve beliefs: examination minus promise",
    [truth - bound for rows in believed.values() for *_, bound, truth, _ in rows],
    0.0,
)
verify(
    "toll: the promise for so many nats is 0.9",
    pac_bayes(0.02, toll(0.02, 0.9), 1400, 0.05 / 20),
    0.9,
    atol=1e-9,
)
verify_at_most(
    "four promises: examination minus promise",
    [truth - bound for bound, truth in same_data.values()],
    0.0,
)
verify_at_least(
    "same split: PAC-Bayes promise minus that of the hold-out",
    same_data["PAC-Bayes, prior from the first half"][0]
    - same_data["hold-out, binomial law"][0],
    0.01,
)
a, b = torch.tensor([0.3, -0.5]), torch.tensor([0.2, 0.7])
drawn = a + b * torch.randn(100_000, 2, generator=torch.Generator().manual_seed(3))
normal = torch.distributions.Normal
verify_within_se(
    "KL between Gaussians: the formula, by sampling",
    (normal(a, b).log_prob(drawn) - normal(0.1, 0.9).log_prob(drawn)).sum(1).numpy(),
    gauss_kl(a, b, torch.tensor(0.1), 0.9).item(),
)
with torch.random.fork_rng():
    torch.manual_seed(4)
    mean2 = [torch.randn(4, 3), torch.randn(4, 2)]
    sd2 = [0.2 + torch.rand(m.shape) for m in mean2]
    one = torch.tensor([[1.0, -2.0, 0.5]]).repeat(20_000, 1)
    first, second = (m + s * torch.randn(20_000, *m.shape) for m, s in zip(mean2, sd2))
    hidden = torch.einsum("ni,nij->nj", with_one(one), first).relu()
    by_weights = torch.einsum("ni,nij->nj", with_one(hidden), second)[:, 0]
    by_scores = drawn_scores(mean2, sd2, one)[:, 0]
for words, power in (("mean", 1), ("mean square", 2)):
    verify_within_se(
        f"scores drawn layer by layer, and from drawn weights: {words}",
        (by_scores**power - by_weights**power).numpy(),
        0.0,
    )

# %% [markdown]
r"""
With few examples the order is the same. Drag the number of examples of the second half: both promises come down to the error, the hold-out first.
"""

# %% tags=["set-up"]
few_examples = {}
for n in (10, 30, 100, 300, 700):
    rows = slice(700, 700 + n)
    Q = train_belief(
        ([learned], [zero + 0.05]),
        [learned],
        0.05,
        pixels[rows],
        labels[rows],
        1.0,
        60,
        0.002,
    )
    few_examples[n] = {
        "examination": mistakes(learned, A_new, new_labels) / 397,
        "promise, hold-out": exact_upper(
            mistakes(learned, A[rows], labels[rows]), n, 0.05
        ),
        "promise, PAC-Bayes": promise_of(
            Q, [learned], 0.05, pixels[rows], labels[rows], 0.05, 200
        )[3],
    }


# %% tags=["picture"]
def how_many(examples):
    fig, ax = plt.subplots(figsize=(6.8, 2.1))
    bars = ax.barh(
        *zip(*few_examples[examples].items()), color=[plot.RED, plot.GREEN, plot.GREY]
    )
    ax.bar_label(bars, fmt="%.3f", fontsize=9)
    ax.set(xlim=(0, 0.75), xlabel="error", title=f"{examples} examples")
    ax.grid(axis="y", visible=False)
    return fig


explore(
    how_many,
    alt="Three bars, the promise of PAC-Bayes, the promise of a hold-out and the error in the examination: both promises shrink towards the error as examples are added, and the hold-out is always the lower one",
    examples=list(few_examples),
)

# %% tags=["checks"]
verify_at_least(
    "10 to 700 examples: PAC-Bayes promise minus that of the hold-out",
    [v["promise, PAC-Bayes"] - v["promise, hold-out"] for v in few_examples.values()],
    0.0,
)

# %% [markdown]
r"""
(flat-minima)=
## Is a flat minimum a good one?

The price has a shape. Let $Q=\mathcal N(\theta,\sigma^2I)$ around trained weights and $P=\mathcal N(0,I)$. With one weight at $\theta=2$, [the distance](#eq-lt-gauss-kl) is $\frac12(\sigma^2+4-1)-\ln\sigma$: for $\sigma=0.01$ it is 6.1 nats, for $\sigma=0.1$ only 3.8. Who may be vague pays less. But vague weights err more, on average by

$$
\mathbb E\,\hat R(\theta+\sigma\xi)-\hat R(\theta)\approx\tfrac{\sigma^2}2\operatorname{tr}\nabla^2\hat R(\theta),\qquad\xi\sim\mathcal N(0,I),
$$ (eq-lt-flat)

by Taylor's formula, for a smooth loss. Where the curvature is small, $\sigma$ may be large: a *flat* minimum gets the better promise {cite:p}`hochreiter1997`. Does flatness tell the two students apart? Shake all weights of a network, and call *tolerance* the $\sigma$ at which it keeps 95 % of its right answers.
"""


# %%
@torch.no_grad()
def shaken(parameters, told, sigma, draws=6):  # setting
    g, right = torch.Generator().manual_seed(0), []
    for _ in range(draws):
        W, b, V, c = (p + sigma * torch.randn(p.shape, generator=g) for p in parameters)
        scores = torch.relu(pixels[:700] @ W.T + b) @ V.T + c
        right.append((scores.argmax(1) == told[:700]).float().mean())
    return torch.stack(right).mean().item()


def tolerance(parameters, told):
    keep = 0.95 * shaken(parameters, told, 0.0, draws=1)  # setting
    lost = lambda s: shaken(parameters, told, s) - keep
    return optimize.brentq(lost, 1e-3, 1, xtol=1e-3)  # setting


# %% tags=["set-up"]
both_students = [
    tolerance(list(net.parameters()), told)
    for net, told in ((honest_student, labels), (dice_student, dice))
]
print("tolerance, honest and dice:", *(f"{t:.3f}" for t in both_students))


def along(batch, lr, marks, seeds=14):
    """SGD on 700 digits from 14 starts; at each mark: training loss, tolerance, test accuracy."""
    starts = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        starts.append([p.detach() for p in net.parameters()])
    theta = [torch.stack(p).requires_grad_() for p in zip(*starts)]
    scores = lambda X, W, b, V, c: (X @ W.mT + b[:, None]).relu() @ V.mT + c[:, None]
    P, L, out = pixels[:700], labels[:700], []
    X, Y = P.expand(seeds, -1, -1), L.expand(seeds, -1)
    torch.manual_seed(seeds)
    for t in range(1, marks[-1] + 1):
        if batch:
            rows = torch.randint(700, (seeds, batch))
            X, Y = P[rows], L[rows]
        loss = seeds * F.cross_entropy(scores(X, *theta).flatten(0, 1), Y.flatten())
        with torch.no_grad():
            for p, slope in zip(theta, torch.autograd.grad(loss, theta)):
                p -= lr * slope
        if t in marks:
            with torch.no_grad():
                every, new = scores(P, *theta), scores(new_pixels, *theta)
            loss = [F.cross_entropy(s, L).item() for s in every]
            flat = [tolerance([p.detach() for p in one], labels) for one in zip(*theta)]
            right = (new.argmax(2) == new_labels).float().mean(1).tolist()
            out.append(np.transpose([loss, flat, right]))
    return np.stack(out, 1), [p[0].detach() for p in theta]


flat_runs, flat_ends = {}, {}
print("\n              steps    loss   tolerance         test accuracy")
for name, batch, lr, marks in (
    ("batch of 16", 16, 0.2, (150, 300, 500)),
    ("all examples", None, 0.5, (50, 100, 150)),
):
    flat_runs[name], flat_ends[name] = along(batch, lr, marks)
    for k, steps in enumerate(marks):
        runs = flat_runs[name][:, k]
        (loss, flat, right), spread = runs.mean(0), runs.std(0, ddof=1)
        print(
            f"{name:13}{steps:6}   {loss:.3f}   {flat:.3f} ± {spread[1]:.3f}     {right:.3f} ± {spread[2]:.3f}"
        )

# %% tags=["picture"] mystnb={"image": {"alt": "Tolerance against training loss, loss falling to the right, for fourteen runs each with batches of 16 and with all examples: both clouds of lines rise towards small losses, and at equal loss the line of small batches lies somewhat higher."}}
fig, ax = plt.subplots(figsize=(6.8, 2.7))
for (name, runs), colour in zip(flat_runs.items(), (plot.RED, plot.BLUE)):
    ax.plot(runs[..., 0].T, runs[..., 1].T, color=colour, lw=0.6, alpha=0.6)
    ax.plot(*runs.mean(0)[:, :2].T, "o-", color=colour, label=name)
ax.set(xscale="log", xlabel="training loss", ylabel="tolerance")
ax.set_xticks([0.4, 0.3, 0.2, 0.12], ["0.4", "0.3", "0.2", "0.12"])
ax.minorticks_off()
ax.invert_xaxis()
ax.legend()
plt.show()

# %% [markdown]
r"""
The honest student stands five times as much shaking as the one taught by dice, although its weights are less than half as large: memorised labels sit in narrow places. It is often said that small batches find flat minima, and that this is why they generalise {cite:p}`keskar2017`. Here the tolerance grows along *both* paths: the longer one trains, the flatter it gets. After 150 steps the full batch is the flatter one, 0.097 against 0.087; where both have a loss near 0.12, the small batch is, 0.115 against 0.097. So who compares two runs compares, first of all, when they were stopped. Nor is the flatter one the better: at that loss the small batch gets 0.965 of the new digits right, the full one 0.975, more by four standard errors. (700 digits, fourteen starts; the rates differ as well as the batches, and were not tuned.)

**Flatness is no property of the function.** With ReLU, multiply one layer by ten and divide the next by ten: every output stays, and the tolerance collapses {cite:p}`dinh2017`. A statement about flatness needs a scale; in PAC-Bayes $P$ provides it.
"""

# %% tags=["checks"]
rms = [
    math.sqrt(sum((p**2).sum().item() for p in net.parameters()) / 19_210)
    for net in (honest_student, dice_student)
]
verify_at_least(
    "honest student over dice: tolerance, and tolerance over the size of the weights",
    [
        both_students[0] / both_students[1],
        both_students[0] / rms[0] / (both_students[1] / rms[1]),
    ],
    [4.0, 8.0],
)
small, full = flat_runs.values()
grown = np.array([runs[:, 2, 1] - runs[:, 0, 1] for runs in (small, full)])
verify_at_least(
    "tolerance at the last mark minus that at the first, both paths, in standard errors",
    grown.mean(1) / (grown.std(1, ddof=1) / math.sqrt(14)),
    4.0,
)
standard = lambda a, b: (a - b).mean() / math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 14)
verify_at_least(
    "full minus small batch after 150 steps, small after 500 minus full after 150: "
    "tolerance, in standard errors of 14 seeds",
    [standard(full[:, 2, 1], small[:, 0, 1]), standard(small[:, 2, 1], full[:, 2, 1])],
    2.0,
)
verify(
    "small batch after 500 steps, full batch after 150: training loss",
    [small[:, 2, 0].mean(), full[:, 2, 0].mean()],
    [0.12] * 2,
    rtol=0.1,
)
verify_at_least(
    "there, the full batch's accuracy minus that of the small one, in standard errors",
    standard(full[:, 2, 2], small[:, 2, 2]),
    2.0,
)
W, b, V, c = flat_ends["all examples"]
verify(
    "shaken by nothing: the share of right answers",
    shaken([W, b, V, c], labels, 0.0),
    torch.func.functional_call(
        nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
        dict(zip(("0.weight", "0.bias", "2.weight", "2.bias"), (W, b, V, c))),
        pixels[:700],
    )
    .argmax(1)
    .eq(labels[:700])
    .float()
    .mean()
    .item(),
    atol=1e-6,
)
rescaled = [10 * W, 10 * b, V / 10, c]
verify(
    "layers times and divided by ten: outputs",
    torch.relu(pixels @ rescaled[0].T + rescaled[1]) @ rescaled[2].T + c,
    torch.relu(pixels @ W.T + b) @ V.T + c,
    atol=1e-4,
)
verify_at_most(
    "… tolerance over that before",
    tolerance(rescaled, labels) / tolerance([W, b, V, c], labels),
    0.5,
)

# %% [markdown]
r"""
:::{exercise} The best width
:label: ex-lt-width
**Try it.** For $d$ weights, $P=\mathcal N(0,I)$ and total curvature $c$, the price of $\sigma$ is $d\bigl(\frac{\sigma^2}2-\ln\sigma\bigr)+\frac{c\,\sigma^2}2$. Which $\sigma$ is best?
:::
"""

# %% tags=["yours"]
best_width = ...  # a function of d and c

exercise("lt-width").check(best_width)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The slope $d\sigma-d/\sigma+c\sigma$ vanishes at $\sigma^2=\frac d{d+c}$: as vague as before where the data say nothing, $c=0$, and narrow where they say much.

```python
best_width = lambda d, c: math.sqrt(d / (d + c))
```

</details>
"""

# %% [markdown]
r"""
(langevin-dynamics)=
## All hypotheses at once

Which $Q$ makes the best bargain between error and distance? By [the change of measure](#eq-lt-change) with $g=-\beta\hat R$, whose slack is a KL divergence, $\hat R(Q)+\frac1\beta\mathrm{KL}(Q\|P)$ is smallest for $Q\propto Pe^{-\beta\hat R}$: the *Gibbs posterior*.

(bayesian-neural-network)=
With the log loss and $\beta=n$ that is Bayes' rule. A *Bayesian neural network* keeps all weights, each as far as the data support it, and predicts by averaging,

$$
p(\theta\mid S)\propto p(\theta)\prod_ip(y_i\mid x_i,\theta)=e^{-E(\theta)},\qquad p(y\mid x,S)=\int p(y\mid x,\theta)\,p(\theta\mid S)\,d\theta ,
$$ (eq-lt-predictive)

up to a constant factor in the first formula. The integral is out of reach. But we can *draw* from $e^{-E}$, by letting weights fall in the landscape $E$ and shaking them:

$$
v_{t+1}=(1-\eta\gamma)\,v_t-\eta\nabla E(\theta_t)+\sqrt{2\gamma\eta}\;\epsilon_t,\qquad\theta_{t+1}=\theta_t+\eta v_{t+1},\qquad\epsilon_t\sim\mathcal N(0,I).
$$ (eq-lt-langevin)

It is [momentum](#momentum) with noise, *Langevin dynamics*, and the only question is how strong the noise must be.

**The velocity alone.** Take $E=0$, $\gamma=1$, $\eta=0.1$. Then $v_{t+1}=0.9v_t+\sqrt{0.2}\,\epsilon_t$, and a variance $s$ that stays must satisfy $s=0.81s+0.2$, so $s=1.05$. In general $s=\frac{2\gamma\eta}{2\gamma\eta-\gamma^2\eta^2}\to1$: friction takes exactly what noise brings. (With the factor $2\gamma\eta$ in the place of its root, $s$ would tend to 0.)

**From the velocity to $\theta$.** That $v$ has variance one says nothing yet about $\theta$. Claim: as $\eta\to0$ the density $\rho(\theta,v)\propto e^{-E(\theta)-\|v\|^2/2}$ stays. Test it with any smooth function $\varphi(\theta,v)$ that vanishes far out. To first order in $\eta$, Taylor's formula for one step, with $\mathbb E\epsilon\epsilon^\top=I$, gives

$$
\frac{\mathbb E\,\varphi_{t+1}-\varphi_t}\eta\to v^\top\nabla_\theta\varphi-\nabla E^\top\nabla_v\varphi-\gamma\,v^\top\nabla_v\varphi+\gamma\,\Delta_v\varphi .
$$ (eq-lt-generator)

Now average over $\rho$ and integrate by parts, with $\nabla_\theta\rho=-\rho\nabla E$ and $\nabla_v\rho=-\rho v$. The first term becomes $\int\varphi\,v^\top\nabla E\,\rho$. The second becomes $-\int\varphi\,\nabla E^\top v\,\rho$: motion and force cancel. The last becomes $\gamma\int v^\top\nabla_v\varphi\,\rho$ and cancels the third: noise and friction. The mean of no $\varphi$ changes, so $\rho$ stays, and its $\theta$-part is $e^{-E}$. (That chains started elsewhere *come* to $\rho$ needs more: that noise leads everywhere, and that $E$ grows far out.)
"""


# %%
def langevin(slope, theta, eta, gamma, steps, rng):
    """Chains (n, d); slope is ∇E. Yields θ and v after every step."""
    v = np.zeros_like(theta)  # setting
    for _ in range(steps):
        kick = math.sqrt(2 * gamma * eta) * rng.normal(size=theta.shape)
        v = (1 - eta * gamma) * v - eta * slope(theta) + kick
        theta = theta + eta * v
        yield theta, v


# %% [markdown]
r"""
Four thousand chains start in the left well of $E=2(\theta^2-1)^2$. Between the wells stands a hill of height 2; noise carries them over it, and in the end both wells hold the same share.
"""

# %% tags=["set-up"]
hill = lambda t: 2 * (t**2 - 1) ** 2
hill_slope = lambda t: 8 * t * (t**2 - 1)
moments = [0, 20, 60, 150, 400, 1500]
crossing = {0: np.full(4000, -1.0)}
for t, (theta, _) in enumerate(
    langevin(
        hill_slope, crossing[0], 0.05, 1.0, moments[-1], np.random.default_rng(11)
    ),
    1,
):
    if t in moments:
        crossing[t] = theta
hill_mass = integrate.quad(lambda t: math.exp(-hill(t)), -4, 4)[0]


# %% tags=["picture"]
def cross(steps):
    fig, ax = plt.subplots(figsize=(6.8, 2.6))
    s = np.linspace(-2, 2, 200)
    ax.hist(
        crossing[steps],
        np.linspace(-2, 2, 61),
        density=True,
        color=plot.BLUE,
        alpha=0.5,
    )
    ax.plot(s, np.exp(-hill(s)) / hill_mass, color=plot.RED)
    share = (crossing[steps] > 0).mean()
    ax.set(
        ylim=(0, 1.5),
        xlabel=r"$\theta$",
        title=f"{steps} steps, {share:.0%} on the right",
        yticks=[],
    )
    return fig


explore(
    cross,
    alt="Histogram of 4,000 chains that start in the left of two wells, and the density with two equal humps: with more steps the chains cross and fill both",
    steps=moments,
)

# %% tags=["checks"]
last = crossing[moments[-1]]
verify(
    "double well: share on the right, started on the left",
    (last > 0).mean(),
    0.5,
    atol=4 * math.sqrt(0.25 / 4000),
)
verify(
    "double well: mean of θ² and θ⁴, against quadrature, within η and 4 s.e.",
    [np.mean(last**2), np.mean(last**4)],
    [
        integrate.quad(lambda t: t**k * math.exp(-hill(t)), -4, 4)[0] / hill_mass
        for k in (2, 4)
    ],
    rtol=0.05,
)
seen, exact = [], []
for eta, gamma in ((0.05, 1.0), (0.4, 1.0), (0.3, 2.0)):
    *_, (theta, v) = langevin(
        lambda t: t,
        np.zeros(8000),
        eta,
        gamma,
        int(30 / eta),
        np.random.default_rng(18),
    )
    keep = 1 - eta * gamma
    step = np.array([[1 - eta**2, eta * keep], [-eta, keep]])
    kick = math.sqrt(2 * gamma * eta) * np.array([[eta], [1.0]])
    exact.append(linalg.solve_discrete_lyapunov(step, kick @ kick.T).diagonal())
    seen.append([theta.var(), v.var()])
verify(
    "E = θ²/2, three settings: variances of θ and v, against the covariance that solves "
    "C = ACAᵀ + bbᵀ",
    seen,
    exact,
    rtol=4 * math.sqrt(2 / 8000),
)

# %% [markdown]
r"""
**A network that knows what it does not know.** Six units, $f(x)=\sum_ja_j\tanh(w_jx+b_j)$, eighteen weights with a Gaussian prior, up to four observations with noise 0.25. Drag the number of observations: before the first the band is the prior; at each one it is nailed down; outside them it opens.
"""

# %% tags=["set-up"]
UNITS, NOISE = 6, 0.25
PRIOR = np.repeat([2.0, 1.0, 1.5 / math.sqrt(UNITS)], UNITS)  # of w, b, a
x_seen, y_seen = np.array([0.5, -0.6, 0.9, -1.0]), np.array([0.8, -0.9, 0.3, -0.6])


def small_net(theta, x):
    """Outputs (n, len(x)) for weights (n, 18)."""
    w, b, a = (theta[:, k : k + UNITS, None] for k in (0, UNITS, 2 * UNITS))
    return (a * np.tanh(w * x + b)).sum(1)


def posterior_slope(x, y):
    def slope(theta):
        w, b, a = (theta[:, k : k + UNITS, None] for k in (0, UNITS, 2 * UNITS))
        h = np.tanh(w * x + b)  # (n, 6, examples)
        error = (((a * h).sum(1) - y) / NOISE**2)[:, None]
        back = error * a * (1 - h**2)
        data_part = np.concatenate(
            [(back * x).sum(2), back.sum(2), (error * h).sum(2)], 1
        )
        return data_part + theta / PRIOR**2

    return slope


def draw_posterior(n, chains=500, eta=0.04, steps=500):
    rng = np.random.default_rng(12)
    start = PRIOR * rng.normal(size=(chains, 3 * UNITS))
    *_, (theta, _) = langevin(
        posterior_slope(x_seen[:n], y_seen[:n]), start, eta, 1.0, steps, rng
    )
    return theta


posterior_draws = {n: draw_posterior(n) for n in range(5)}


# %% tags=["picture"]
def believe(observations):
    fig, ax = plt.subplots(figsize=(6.8, 2.9))
    x = np.linspace(-2, 2, 121)
    curves = small_net(posterior_draws[observations], x)
    for low, alpha in ((0.025, 0.2), (0.25, 0.3)):
        ax.fill_between(
            x,
            *np.quantile(curves, [low, 1 - low], axis=0),
            color=plot.BLUE,
            alpha=alpha,
            lw=0,
        )
    ax.plot(x, curves[:8].T, color=plot.GREY, lw=0.7)
    ax.plot(x, curves.mean(0), color=plot.BLUE)
    ax.plot(x_seen[:observations], y_seen[:observations], "o", color=plot.RED)
    ax.set(
        ylim=(-3, 3),
        xlabel="$x$",
        title=f"{observations} observations: mean, 50 % and 95 %",
    )
    return fig


explore(
    believe,
    alt="The band of a Bayesian network: wide without data, narrow at each observation as they come, opening outside them; eight drawn functions wander inside it",
    observations=[4, 0, 1, 2, 3],
)

# %% tags=["checks"]
rng, at = np.random.default_rng(13), np.array([-1.5, 0.0, 0.7, 1.5])
sums, weight = np.zeros((2, 4)), 0.0
for _ in range(8):  # drawn from the prior, weighted by the likelihood
    theta = PRIOR * rng.normal(size=(30_000, 3 * UNITS))
    miss = ((small_net(theta, x_seen) - y_seen) ** 2).sum(1)
    likely, values = np.exp(-miss / (2 * NOISE**2)), small_net(theta, at)
    sums, weight = sums + likely @ np.stack([values, values**2]), weight + likely.sum()
mean, spread = sums[0] / weight, np.sqrt(sums[1] / weight - (sums[0] / weight) ** 2)
drawn = small_net(posterior_draws[4], at)
verify(
    "Bayesian network at four inputs: mean of the prediction, against weighted draws "
    "from the prior",
    drawn.mean(0),
    mean,
    atol=4 * spread.max() / math.sqrt(500),
)
verify(
    "… and its standard deviation",
    drawn.std(0),
    spread,
    rtol=4 / math.sqrt(1000) + 0.04,
)
at_points = [small_net(posterior_draws[n], np.array([0.5, 1.5])).std(0) for n in (0, 1)]
verify_at_most(
    "after the first observation, at 0.5: spread there at most its noise, within 4 s.e.",
    at_points[1][0] / (1 + 4 / math.sqrt(1000)),
    NOISE,
)

# %% [markdown]
r"""
:::{exercise} Another temperature
:label: ex-lt-temperature
**Try it.** How strong must the noise be (as a factor of $\epsilon_t$) so that the density becomes $e^{-E/T}$? For small $\eta$.
:::
"""

# %% tags=["yours"]
noise_at = ...  # a function of gamma, eta and T

exercise("lt-temperature").check(noise_at)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The velocity must have variance $T$; then both pairs in [the derivation](#eq-lt-generator) cancel for $\rho\propto e^{-(E+\|v\|^2/2)/T}$. As $T\to0$ it is plain momentum, and falls into one minimum.

```python
noise_at = lambda gamma, eta, T: math.sqrt(2 * gamma * eta * T)
```

</details>
"""

# %% [markdown]
r"""
(lt-practice)=
## In practice

Nobody computes VC dimensions at work. One holds data out, twice: a *validation* set to choose by, and a *test* set that is looked at once. For the one network that is left, the theory of [a single hypothesis](#two-risks) is sharp. In full:
"""


# %%
def trained(width):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)  # setting
    for _ in range(100):  # setting
        optimizer.zero_grad()
        F.cross_entropy(net(pixels[:1100]), labels[:1100]).backward()
        optimizer.step()
    return net


def mistaken(net, X, Y):
    return (net(X).argmax(1) != Y).sum().item()


# %%
nets = {width: trained(width) for width in (8, 16, 32, 64, 128)}  # setting
validation = {w: mistaken(net, pixels[1100:], labels[1100:]) for w, net in nets.items()}
chosen = min(validation, key=validation.get)
test_wrong = mistaken(nets[chosen], new_pixels, new_labels)  # looked at once
interval = stats.binomtest(test_wrong, 397).proportion_ci(method="exact")


# %% tags=["set-up"]
print("mistakes on 300 for validation:", validation)
print(
    f"width {chosen}: test error {test_wrong / 397:.3f}, exact 95 % interval {interval.low:.3f} to {interval.high:.3f}"
)

# %% [markdown]
r"""
| you want to know | use | it costs |
|---|---|---|
| the risk of one model | a held-out set and [the exact interval](#two-risks) | examples |
| the risk, with nothing held out | [PAC-Bayes](#headline-pac-bayes) with a prior fixed before | a randomised classifier, a looser number |
| how sure each prediction is | a posterior, [sampled](#langevin-dynamics) if it must be | time |
| how many examples to collect | [a learning curve](#generalization-gap), drawn further | trust |
"""

# %% tags=["checks"]
verify(
    "mistakes of the chosen network and of the narrowest, from the shares right",
    [test_wrong, validation[8]],
    [
        round(397 * (1 - share_right(nets[chosen], new_pixels, new_labels))),
        round(300 * (1 - share_right(nets[8], pixels[1100:], labels[1100:]))),
    ],
)
verify_at_most(
    "mistakes of the chosen width on validation, over those of each width",
    [validation[chosen] / wrong for wrong in validation.values()],
    1.0,
)
verify_at_most(
    "widths 8 to 128: mistakes on validation over those of guessing",
    np.array(list(validation.values())) / (0.9 * 300),
    0.25,
)
verify(
    "upper end of the two-sided interval: SciPy's, and ours with δ = 0.025",
    interval.high,
    exact_upper(test_wrong, 397, 0.025),
    rtol=1e-6,
)
rng = np.random.default_rng(16)
k = rng.binomial(397, 0.03, 4000)
verify_at_least(
    "4,000 test sets of a classifier with risk 0.03: share below the exact upper end, "
    "within 4 s.e.",
    np.mean(exact_upper(k, 397, 0.05) >= 0.03),
    0.95,
    atol=4 * math.sqrt(0.05 * 0.95 / 4000),
)

# %% [markdown]
r"""
## Beware

**"It is a test set, so its error is honest."** Until one chooses by it. A thousand classifiers that throw coins, 100 test examples, and the best of them gets a third wrong:
"""

# %% tags=["set-up"]
best_of_many = {
    models: np.random.default_rng(17).binomial(100, 0.5, (400, models)).min(1) / 100
    for models in (1, 10, 100, 1000)
}
print("models   best test error   95 % sure by a union over them: at least")
for models, best in best_of_many.items():
    print(
        f"{models:6}   {best.mean():.2f} ± {best.std():.2f}       {0.5 - hoeffding(100, 0.05 / models):.2f}"
    )

# %% tags=["checks"]
law_of_best = [
    np.sum(stats.binom.sf(np.arange(100), 100, 0.5) ** models) / 100
    for models in best_of_many
]
verify(
    "best of 1, 10, 100, 1,000 coins: mean test error, against the law of the minimum",
    [best.mean() for best in best_of_many.values()],
    law_of_best,
    atol=4 * 0.05 / math.sqrt(400),
)
verify_at_least(
    "share of contests in which the union over the models covers the best, minus 0.95",
    [
        np.mean(best >= 0.5 - hoeffding(100, 0.05 / models)) - 0.95
        for models, best in best_of_many.items()
    ],
    0.0,
    atol=4 * math.sqrt(0.05 * 0.95 / 400),
)

# %% [markdown]
r"""
**"My prior is centred where training ended, so the KL is small."** Then $P$ depends on the sample, and the proof breaks where it says "since $P$ does not". With a hundred labels by dice the swindle shows:
"""

# %% tags=["set-up"]
swindle = torch.zeros(65, 10, requires_grad=True)
optimizer = torch.optim.Adam([swindle], lr=0.1)
for _ in range(300):
    optimizer.zero_grad()
    F.cross_entropy(with_one(pixels[:100]) @ swindle, dice[:100]).backward()
    optimizer.step()
wrong_by_dice = [
    ((with_one(X) @ swindle).argmax(1) != told).float().mean().item()
    for X, told in ((pixels[:100], dice[:100]), (new_pixels, new_dice))
]
false_promise = pac_bayes(wrong_by_dice[0], 0.0, 100)
print(f"false promise {false_promise:.2f}, truth {wrong_by_dice[1]:.2f}")

# %% [markdown]
r"""
**"The bound holds, so it explains."** [The bound](#eq-lt-vc) holds at every capacity of [the live figure](#live-capacity), and prefers the smallest; the test error does not. A bound that never fails may still rank all models wrongly.

**"More steps of Langevin, better samples."** Only down to the error of the step. For $E=\theta^2/2$ one step is a linear map plus noise, so the variance that the chain *tends to* can be computed from $C=ACA^\top+bb^\top$: it should be 1.
"""


# %% tags=["set-up"]
def chain_variance(eta, gamma=1.0):
    keep = 1 - eta * gamma
    step = np.array([[1 - eta**2, eta * keep], [-eta, keep]])
    kick = math.sqrt(2 * gamma * eta) * np.array([[eta], [1.0]])
    return linalg.solve_discrete_lyapunov(step, kick @ kick.T)[0, 0]


for eta in (0.05, 0.4, 0.8, 1.2):
    print(f"step {eta:4}: variance {chain_variance(eta):.2f}")

# %% tags=["checks"]
verify_at_least(
    "prior that has seen the labels: truth minus promise",
    wrong_by_dice[1] - false_promise,
    0.5,
)
rng, theta, v = np.random.default_rng(19), np.zeros(8000), np.zeros(8000)
for _ in range(150):
    v = (1 - 1.2) * v - 1.2 * theta + math.sqrt(2.4) * rng.normal(size=8000)
    theta = theta + 1.2 * v
verify(
    "step 1.2: variance of 8,000 chains, against the equation",
    theta.var(),
    chain_variance(1.2),
    rtol=4 * math.sqrt(2 / 8000),
)

# %% [markdown]
r"""
## Exercises

:::{exercise} The best bargain
:label: ex-lt-gibbs
Which $Q$ on finitely many hypotheses minimises $\hat R(Q)+\frac1\beta\mathrm{KL}(Q\|P)$?
:::
"""

# %% tags=["yours"]
best_posterior = ...  # a function of risks (n,), prior (n,) and beta that returns (n,)

exercise("lt-gibbs").check(best_posterior)

# %% [markdown]
r"""
<details><summary>Solution</summary>

[The change of measure](#eq-lt-change) with $g=-\beta\hat R$ is an equality exactly for $Q\propto Pe^{-\beta\hat R}$.

```python
def best_posterior(risks, prior, beta):
    Q = prior * np.exp(-beta * risks)
    return Q / Q.sum()
```

</details>

:::{exercise} Sign a promise
:label: ex-lt-sign
You drew `n` networks from $Q$; the mean of their errors on `s` examples is `wrong`. Which bound on $R(Q)$ can you sign with probability $1-\delta$? Then try `sign(0.116, 40, 1451, 1400, 0.005)` and 4,000 networks.
:::
"""

# %% tags=["yours"]
sign = ...  # a function of wrong, n, KL, s and delta

exercise("lt-sign").check(sign)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Half of $\delta$ for the draws, by Chernoff's bound, half for [the theorem](#eq-lt-kl). Forty networks leave 0.92, no better than dice; four thousand bring it to 0.80. (Their mean plus four standard errors is no bound: forty networks may all miss a bad one.)

```python
def sign(wrong, n, KL, s, delta):
    return pac_bayes(kl_inverse(wrong, math.log(2 / delta) / n), KL, s, delta / 2)
```

</details>

:::{exercise} The price of choosing
:label: ex-lt-swindle
You choose the best of $k$ models by its error on $n$ test examples. How much must you add to that error to be right with probability $1-\delta$?
:::
"""

# %% tags=["yours"]
price_of_choice = ...  # a function of k, n and delta

exercise("lt-swindle").check(price_of_choice)

# %% [markdown]
r"""
<details><summary>Solution</summary>

[The union](#eq-lt-union) over $k$ fixed hypotheses: $k\,e^{-2nt^2}=\delta$.

```python
price_of_choice = lambda k, n, delta: math.sqrt(math.log(k / delta) / (2 * n))
```

</details>

:::{exercise} Project: exact at any step
:label: ex-lt-metropolis
Make Langevin dynamics exact for large steps. Propose $\theta'=\theta-\eta\nabla E(\theta)+\sqrt{2\eta}\,\epsilon$ and accept it with probability $\min\Bigl(1,\dfrac{e^{-E(\theta')}q(\theta\mid\theta')}{e^{-E(\theta)}q(\theta'\mid\theta)}\Bigr)$, where $q$ is the density of the proposal; otherwise stay.
:::
"""

# %% tags=["yours"]
metropolis = ...  # a function of (energy, slope, theta (n,), eta, steps, rng)

exercise("lt-metropolis").check(metropolis)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The acceptance makes the flow of probability from $\theta$ to $\theta'$ equal to that from $\theta'$ to $\theta$ if $\theta$ has the density $e^{-E}$, so this density stays.

```python
def metropolis(energy, slope, theta, eta, steps, rng):
    log_q = lambda to, start: -((to - start + eta * slope(start)) ** 2) / (4 * eta)
    for _ in range(steps):
        new = theta - eta * slope(theta) + np.sqrt(2 * eta) * rng.normal(size=theta.shape)
        log_ratio = energy(theta) - energy(new) + log_q(theta, new) - log_q(new, theta)
        theta = np.where(np.log(rng.uniform(size=theta.shape)) < log_ratio, new, theta)
    return theta
```

</details>

## Summary

| idea | formula | where |
|---|---|---|
| two risks | $R(f)=\mathbb E\,\ell$, $\hat R(f)=\frac1n\sum\ell_i$; their difference is the gap | [risk](#eq-lt-risk), [gap](#eq-lt-gap) |
| one hypothesis | $R\le\hat R+\sqrt{\ln(1/\delta)/2n}$ | [Hoeffding](#eq-lt-hoeffding) |
| finite class, truth inside | $m\ge\frac1\epsilon(\ln\lvert\mathcal H\rvert+\ln\frac1\delta)$ | [PAC](#eq-lt-pac) |
| labellings | $\Pi(m)\le\sum_{i\le d}\binom mi$ | [Sauer and Shelah](#eq-lt-sauer) |
| Rademacher complexity | how well the class fits coins; the mean gap is at most that | [ghost sample](#eq-lt-rademacher) |
| VC dimension $d$ | $\mathfrak R_n\le\sqrt{2d\ln(en/d)/n}$ | [counting](#eq-lt-vc) |
| PAC-Bayes | $\mathrm{kl}(\hat R(Q)\Vert R(Q))\le\bigl(\mathrm{KL}(Q\Vert P)+\ln(2\sqrt s/\delta)\bigr)/s$ | [theorem](#eq-lt-kl) |
| flatness | price of vagueness $\frac{\sigma^2}2\operatorname{tr}\nabla^2\hat R$; not invariant under rescaling | [minima](#flat-minima) |
| posterior | $p(\theta\mid S)\propto e^{-E}$; noise $\sqrt{2\gamma\eta}$ against friction $\gamma$ | [Langevin](#eq-lt-langevin) |

**Further reading.** {cite:t}`shalevshwartz2014` and {cite:t}`mohri2018` for the theory in one volume each; {cite:t}`zhang2017` for the experiment of the opening; {cite:t}`dziugaite2017` for the first non-vacuous bounds of deep networks; {cite:t}`welling2011` for Langevin dynamics with mini-batches.

## The shelf

(size-not-number)=
### Size instead of number

[Capacity](#live-capacity) counts features. One may measure the *size* of weights instead {cite:p}`bartlett1998`. For linear functions $x\mapsto w^\top x$ with $\|w\|\le B$, the supremum over $w$ is reached along $\sum_i\sigma_ix_i$, so

$$
\mathfrak R_n=\frac Bn\,\mathbb E\Bigl\|\sum_i\sigma_ix_i\Bigr\|\le\frac Bn\sqrt{\sum_i\|x_i\|^2}\le\frac{B\,r}{\sqrt n}\qquad(\|x_i\|\le r),
$$ (eq-lt-norm)

in which the number of features does not occur: the mean of a length is at most the root of its mean square, and in that the products $\sigma_i\sigma_j$ have mean zero.
"""

# %% tags=["checks"]
rng = np.random.default_rng(20)
for_size = {d: rng.normal(size=(50, d)) for d in (2, 20, 2000)}
for_size = {
    d: X / np.linalg.norm(X, axis=1, keepdims=True) for d, X in for_size.items()
}
sigma = rng.choice([-1, 1], (2000, 50))
fitted = np.array(
    [np.linalg.norm(sigma @ X, axis=1).mean() / 50 for X in for_size.values()]
)
verify_at_most(
    "2, 20, 2,000 features of length 1: complexity times √n",
    fitted * math.sqrt(50),
    1.0,
)
verify(
    "the mean square of the supremum, times n",
    [((sigma @ X) ** 2).sum(1).mean() / 50 for X in for_size.values()],
    [1.0] * 3,
    atol=4 * math.sqrt(2 / 2000),
)

# %% [markdown]
r"""
(bayesian-linear-model)=
### The Bayesian linear model

For $y=\Phi\theta+\varepsilon$ with $\theta\sim\mathcal N(0,\tau^2I)$ and noise of variance $\sigma^2$, $E$ is quadratic, so [the posterior](#eq-lt-predictive) is Gaussian: its precision is the Hessian, its mean [the ridge solution](#ridge-regression),

$$
\Sigma=\Bigl(\tfrac1{\sigma^2}\Phi^\top\Phi+\tfrac1{\tau^2}I\Bigr)^{-1},\qquad\mu=\tfrac1{\sigma^2}\Sigma\,\Phi^\top y,
$$ (eq-lt-posterior)

and a prediction at $x$ has mean $\varphi(x)^\top\mu$ and variance $\sigma^2+\varphi(x)^\top\Sigma\,\varphi(x)$: noise, plus what is not known about $\theta$. Here it is the judge of Langevin dynamics.
"""

# %% tags=["checks"]
rng = np.random.default_rng(21)
Phi = np.vander(rng.uniform(-1, 0.6, 12), 4)
y = Phi @ [-1.0, -0.5, 1.0, 0.2] + 0.3 * rng.normal(size=12)
precision = Phi.T @ Phi / 0.3**2 + np.eye(4) / 1.5**2
Sigma = np.linalg.inv(precision)
mu = Sigma @ Phi.T @ y / 0.3**2
*_, (theta, _) = langevin(
    lambda t: t @ precision - Phi.T @ y / 0.3**2,
    np.zeros((2000, 4)),
    0.02,
    2.0,
    1200,
    rng,
)
whitened = (theta - mu) @ np.linalg.cholesky(precision)
verify(
    "cubic: Langevin's mean, whitened by the formula",
    whitened.mean(0),
    np.zeros(4),
    atol=4 / math.sqrt(2000),
)
verify(
    "cubic: Langevin's covariance, whitened",
    np.cov(whitened.T),
    np.eye(4),
    atol=4 * math.sqrt(2 / 2000),
)

# %% [markdown]
r"""
(reduce-search-connect)=
### Reduce, search, connect

A learner *reduces* the hypotheses to a class, *searches* in it, and *connects* what it finds to the world. Symbolic programs are strong in the first two: small spaces of rules, searched by enumeration. Deep learning connects to raw pixels and letters. Its descent *is* a search, too, but a local and continuous one. For the rule $y=x_1x_2-x_1$ an enumeration of expressions needs five examples, and then holds everywhere; a network trained on 500 knows it where it has looked. The contest is not fair, since the rule lies in the enumeration's class and not in the network's: to reduce well is most of the work.
"""

# %% tags=["checks"]
leaves = [("x1", lambda a, b: a), ("x2", lambda a, b: b)]
leaves += [(c, lambda a, b, c=c: c + 0 * a) for c in (1, 2, 3)]
operators = {"+": np.add, "-": np.subtract, "*": np.multiply}

pairs = itertools.product(leaves, leaves, operators.values())
trees = [f for _, f in leaves]
trees += [
    lambda a, b, f=f, g=g, do=do: do(f(a, b), g(a, b)) for (_, f), (_, g), do in pairs
]
rng = np.random.default_rng(15)
rule = lambda P: P[:, 0] * P[:, 1] - P[:, 0]
few, many, far = (
    rng.uniform(-1, 1, (5, 2)),
    rng.uniform(-1, 1, (500, 2)),
    rng.uniform(-10, 10, (500, 2)),
)
found = next(
    lambda a, b, f=f, g=g, do=do: do(f(a, b), g(a, b))
    for f, g, do in itertools.product(trees, trees, operators.values())
    if np.allclose(do(f(*few.T), g(*few.T)), rule(few))
)
verify(
    "rule found from five examples: ten times farther out",
    found(*far.T),
    rule(far),
    atol=1e-10,
)
torch.manual_seed(4)
net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(300):
    optimizer.zero_grad()
    F.mse_loss(
        net(torch.tensor(many).float())[:, 0], torch.tensor(rule(many)).float()
    ).backward()
    optimizer.step()
rms = lambda P: np.sqrt(
    np.mean((net(torch.tensor(P).float()).detach().numpy()[:, 0] - rule(P)) ** 2)
)
verify_at_least(
    "network: error ten times farther out over the error inside, and over the spread of y there",
    [rms(far) / rms(rng.uniform(-1, 1, (500, 2))), rms(far) / (0.3 * rule(far).std())],
    [10.0, 1.0],
)
