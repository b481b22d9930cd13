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
(probability-chapter)=
# Probability and information

A bent coin shows heads in 11 of 100 tosses. Write down ten thousand tosses as zeros and ones: ten thousand bits. How few bits would do?

Here is a way to count. There are $\binom{10000}{1100}$ sequences with exactly 1100 heads. Number them; then a sequence is stored as its number, and a number below $N$ takes $\log_2N$ bits. Look at the price of a toss, for every bend of the coin.
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
from itertools import permutations, product
from math import comb, log2

import matplotlib.pyplot as plt
import numpy as np
import sympy as sp
from scipy import integrate, optimize, special, stats
from sklearn import metrics

from helpers import (
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


# %% mystnb={"image": {"alt": "Bits a toss against the probability of heads: arches from 0 up to 1 at one half and back to 0; with 20, 100 and 10000 tosses they approach one curve, which passes 0.5 at 0.11."}}
def bits_by_counting(p, n):
    """Bits a toss to number the sequences of n tosses with exactly pn heads."""
    return log2(comb(n, round(p * n))) / n


bends = np.arange(21) / 20
for n, colour in ((20, plot.SKY), (100, plot.BLUE), (10_000, plot.RED)):
    plt.plot(
        bends,
        [bits_by_counting(p, n) for p in bends],
        ".-",
        color=colour,
        label=f"{n:,} tosses",
    )
plt.plot(0.11, 0.5, "o", color=plot.PURPLE, ms=11, mfc="none", mew=2.5)
plt.xlabel("probability of heads")
plt.ylabel("bits a toss")
plt.legend()
plt.show()

# %%
verify(
    "bits a toss for 10,000 tosses of a coin with 11 % heads",
    bits_by_counting(0.11, 10_000),
    0.5,
    atol=1e-3,
)
verify(
    "bits a toss for 10,000 tosses of a fair coin",
    bits_by_counting(0.5, 10_000),
    1.0,
    atol=1e-3,
)

# %% [markdown]
r"""
Half a bit a toss. The coin still surprises, but half as much as a fair one, and this *half* turns out to be a law: no code does better, and a code of three lines comes within one per cent. The same number, under the name of cross-entropy, is what almost every network of this book is trained to lower. By the end of this chapter you will be able to

- **compute** with joint, marginal and conditional laws, and turn a conditional around with Bayes' rule,
- **predict** the spread of sums, averages and linear images, and **bound** what you cannot compute,
- **transform** densities and read moments off a generating function,
- **condition** a Gaussian on an observation,
- **measure** surprise, information and the distance of two laws in bits,
- **build** a code that compresses to the entropy, and see why maximum likelihood is the same thing.

It builds on sums, integrals, and [positive definite matrices](#positive-definite-matrix). All cells together run in about twenty seconds on one core. We write $P(X=x)$ for the probability of a value, $f_X$ for a density, $\mathbb E$ for means; logarithms are natural, and information then comes in *nats*, unless bits are named: $1$ nat is $1/\log2\approx1.44$ bits.
"""

# %% [markdown]
r"""
(sum-rule)=
## Two variables in one table

Everything about two discrete variables $X,Y$ stands in one table, the *joint law* $P(X=x,Y=y)$: non-negative numbers with sum 1. What is the law of $X$ alone? The events $\{X=x,Y=y\}$ for different $y$ exclude each other and together make up $\{X=x\}$, so their probabilities add:

$$
P(X=x)=\sum_yP(X=x,Y=y),\qquad f_X(x)=\int f_{X,Y}(x,y)\,dy .
$$ (eq-pr-sum)

This is the *sum rule*; the result is called a *marginal* because it used to be written on the margin of the table.
"""

# %% mystnb={"image": {"alt": "Heat map of a random four by five table of probabilities, the row sums as bars at its right, the column sums as bars above it."}}
rng = np.random.default_rng(1)
P = rng.dirichlet(np.ones(20)).reshape(4, 5)  # (x, y)
p_x, p_y = P.sum(1), P.sum(0)

fig, axes = plt.subplots(
    2, 2, figsize=(6.8, 3.4), width_ratios=[3, 1], height_ratios=[1, 2]
)
axes[0, 0].bar(range(5), p_y, color=plot.BLUE)
axes[0, 0].set(title="$P(Y=y)$", xticks=[])
axes[0, 1].axis("off")
axes[1, 0].imshow(P, aspect="auto")
axes[1, 0].set(xlabel="$y$", ylabel="$x$", xticks=range(5), yticks=range(4))
axes[1, 0].grid(False)
axes[1, 1].barh(range(4), p_x, color=plot.BLUE)
axes[1, 1].set(title="$P(X=x)$", yticks=[], ylim=(3.5, -0.5))
plt.show()

# %% [markdown]
"""
A hundred thousand draws from the table know nothing of the rule; their frequencies obey it.
"""

# %%
cells = rng.choice(20, size=100_000, p=P.ravel())
x, y = cells // 5, cells % 5
for value in range(4):
    verify_within_se(
        f"frequency of X = {value} is the sum of its row", x == value, p_x[value]
    )
for value in range(5):
    verify_within_se(
        f"frequency of Y = {value} is the sum of its column", y == value, p_y[value]
    )
inner = [integrate.quad(lambda y: x + y, 0, 1)[0] for x in (0.1, 0.5, 0.9)]
verify(
    "density x + y on the unit square: integrating y out leaves x + 1/2",
    inner,
    [0.6, 1.0, 1.4],
    atol=1e-12,
)

# %% [markdown]
r"""
(product-rule)=
**The product rule.** Among the draws with $X=x$, the share with $Y=y$ is the *conditional* probability

$$
P(Y=y\mid X=x)=\frac{P(X=x,Y=y)}{P(X=x)},\qquad\text{so}\qquad P(X,Y)=P(Y\mid X)\,P(X).
$$ (eq-pr-product)

Apply it to $(x_1,x_2)$ and $x_3$, then to $x_1$ and $x_2$, and so on. What comes out is the *chain rule of probability*,

$$
P(x_1,\dots,x_T)=\prod_{t=1}^TP(x_t\mid x_1,\dots,x_{t-1}).
$$ (eq-pr-chain)

It needs no assumption and holds in every order. It is also a recipe: to draw a whole sequence, draw one variable at a time given those before. [Language models](#transformers-chapter) do nothing else. We draw triples so, in each of the six orders.
"""


# %%
def draw_in_order(P, order, n, rng):
    """n triples: each variable in turn from its law given those already drawn."""
    drawn = np.zeros((n, 3), dtype=int)
    Q = P.transpose(order)  # axis t belongs to the t-th variable to be drawn
    for t in range(3):
        marginal = Q.sum(axis=tuple(range(t + 1, 3)))
        rows = marginal[tuple(drawn[:, order[s]] for s in range(t))]
        rows = rows / rows.sum(-1, keepdims=True)  # P(x_t | those before)
        u = rng.random((n, 1))
        drawn[:, order[t]] = (rows.cumsum(-1) < u).sum(-1)
    return drawn


# %%
P3, n = rng.dirichlet(np.ones(27)).reshape(3, 3, 3), 20_000
for order in permutations(range(3)):
    triples = draw_in_order(P3, order, n, rng)
    counts = np.zeros((3, 3, 3))
    np.add.at(counts, tuple(triples.T), 1)
    misfit = ((counts - n * P3) ** 2 / (n * P3)).sum()  # χ² with 26 degrees of freedom
    verify(
        f"drawing in the order {order}: the χ² misfit to the joint table is ordinary",
        bool(stats.chi2(26).ppf(1e-3) < misfit < stats.chi2(26).ppf(1 - 1e-3)),
        True,
    )
conditionals = P3 / P3.sum(2, keepdims=True), P3.sum(2) / P3.sum((1, 2))[:, None]
verify(
    "P(x₃ | x₁, x₂) P(x₂ | x₁) P(x₁) rebuilds the joint table",
    np.einsum("abc,ab,a->abc", *conditionals, P3.sum((1, 2))),
    P3,
    atol=1e-12,
)

# %% [markdown]
r"""
(statistical-independence)=
### When one says nothing about the other

$X$ and $Y$ are *independent* when knowing $X$ leaves the law of $Y$ as it was: $P(Y\mid X)=P(Y)$, that is

$$
P(X=x,Y=y)=P(X=x)\,P(Y=y)\quad\text{for all }x,y.
$$ (eq-pr-independent)

The table is then an outer product: its rank is one. How far is a table from that? A number that is zero exactly for independence is the *mutual information*; [later](#pr-mutual-information) it gets its meaning.
"""


# %%
def mutual_information(P):
    """Sum of P(x, y) log [P(x, y) / (P(x) P(y))] over the cells that can happen."""
    product = P.sum(1, keepdims=True) * P.sum(0, keepdims=True)
    can = P > 0
    return np.sum(P[can] * np.log(P[can] / product[can]))


independent = np.outer(p_x, p_y)
bent = independent.copy()
bent[0, :2] += [0.02, -0.02]
verify(
    "rank of a table that is an outer product", np.linalg.matrix_rank(independent), 1
)
verify(
    "mutual information of a table that is an outer product",
    mutual_information(independent),
    0.0,
    atol=1e-12,
)
verify("two cells changed: rank", np.linalg.matrix_rank(bent), 2)
nats = [stats.entropy(table) for table in (bent.sum(1), bent.sum(0), bent.ravel())]
verify(
    "two cells changed: mutual information, against SciPy's entropies",
    mutual_information(bent),
    nats[0] + nats[1] - nats[2],
    rtol=1e-9,
)
verify_at_least("two cells changed: mutual information", mutual_information(bent), 1e-3)

# %% [markdown]
r"""
(conditional-independence)=
### Independent, given something

$X$ and $Y$ are *conditionally independent given* $Z$, written $X\perp Y\mid Z$, when each slice of the table is an outer product:

$$
P(X,Y\mid Z)=P(X\mid Z)\,P(Y\mid Z).
$$ (eq-pr-conditional)

Does one kind of independence imply the other? Two stories say no, in both directions.

- *Common cause.* Ice cream sales and sunburn are independent given the weather, and strongly dependent without it.
- *Common effect.* Two fair coins are independent. Let $Z$ be whether they agree: given $Z$, one coin tells you the other.
"""


# %%
def ranks(P):
    """Rank of the table of X and Y, and of its slices given Z. P has axes (x, y, z)."""
    return (
        int(np.linalg.matrix_rank(P.sum(2), tol=1e-10)),
        *(int(np.linalg.matrix_rank(P[:, :, z], tol=1e-10)) for z in range(P.shape[2])),
    )


p_z = np.array([0.4, 0.6])
x_given_z, y_given_z = rng.dirichlet(np.ones(3), (2, 2)).transpose(
    0, 2, 1
)  # (value, z)
cause = np.einsum("xz,yz,z->xyz", x_given_z, y_given_z, p_z)
effect = np.zeros((2, 2, 2))
for a, b in product((0, 1), (0, 1)):
    effect[a, b, a ^ b] = 1 / 4
verify("common cause: rank without Z, then given each Z", ranks(cause), (2, 1, 1))
verify("common effect: rank without Z, then given each Z", ranks(effect), (1, 2, 2))
verify("common cause: the whole table has sum", cause.sum(), 1.0)
verify(
    "common effect: given Z one coin determines the other, nats",
    mutual_information(2 * effect[:, :, 0]),
    np.log(2),
)

# %% [markdown]
r"""
The second is the trap: selecting data by a common effect *makes* dependence. Among admitted students talent and diligence look opposed, because those with neither are not there.
"""

# %% [markdown]
r"""
(bayes-rule)=
## Turning a conditional around

A disease has one person in a hundred. A test finds 95 % of the sick and clears 90 % of the healthy. Yours is positive. How worried should you be?

What is known is $P(\text{positive}\mid\text{sick})$; what is asked is $P(\text{sick}\mid\text{positive})$. Write [the product rule](#eq-pr-product) in both orders, $P(Y\mid X)P(X)=P(X\mid Y)P(Y)$, divide, and expand $P(X)$ by [the sum rule](#eq-pr-sum):

$$
\underbrace{P(Y\mid X)}_{\text{posterior}}=\frac{\overbrace{P(X\mid Y)}^{\text{likelihood}}\;\overbrace{P(Y)}^{\text{prior}}}{\underbrace{\sum_iP(X\mid Y_i)\,P(Y_i)}_{\text{evidence}}}
$$ (eq-pr-bayes)

$Y$ is the unknown cause, $X$ the datum. In code: multiply, then normalise.
"""


# %%
def posterior(prior, likelihood):
    joint = likelihood * prior
    return joint / joint.sum()


prior = np.array([0.01, 0.99])  # sick, healthy
positive = np.array([0.95, 0.10])  # P(positive | sick), P(positive | healthy)
once = posterior(prior, positive)
verify("probability of being sick after a positive test", once[0], 0.0876, atol=1e-4)

# %% [markdown]
"""
Not very worried: nine in a hundred. A simulated town of a million agrees. A second, independent positive test changes more than the first, and yesterday's posterior serves as today's prior.
"""

# %%
rng = np.random.default_rng(2)
sick = rng.random(1_000_000) < 0.01
first, second = rng.random((2, 1_000_000)) < np.where(sick, 0.95, 0.10)
verify_within_se(
    "a million patients: share of sick among the positive", sick[first], once[0]
)
verify_within_se(
    "share of sick among those positive twice",
    sick[first & second],
    posterior(once, positive)[0],
)
verify(
    "two tests at once or one after the other",
    posterior(once, positive),
    posterior(prior, positive**2),
    atol=1e-12,
)
verify(
    "odds, after over before, are the ratio of the likelihoods",
    once[0] / once[1] / (prior[0] / prior[1]),
    9.5,
)

# %% [markdown]
"""
Move the three numbers. Where the disease is rare, it is the false alarms that decide: 95 % or 99 % sensitivity hardly moves the curve, one per cent of false alarms instead of ten lifts it.
"""


# %% tags=["hide-input"]
def medical(prevalence, sensitivity, specificity):
    before = np.geomspace(1e-4, 0.6, 200)
    after = lambda p: sensitivity * p / (sensitivity * p + (1 - specificity) * (1 - p))
    fig, ax = plt.subplots()
    ax.semilogx(before, after(before), color=plot.RED, label="after a positive test")
    ax.semilogx(before, before, color=plot.GREY, label="before")
    ax.plot([prevalence] * 2, [prevalence, after(prevalence)], "o-", color=plot.BLUE)
    ax.set(
        xlabel="prevalence",
        ylabel="probability of being sick",
        ylim=(-0.03, 1.03),
        title=f"from {prevalence:.3g} to {after(prevalence):.3f}",
    )
    ax.legend(loc="upper left")
    return fig


explore(
    medical,
    alt="Probability of being sick after a positive test against prevalence, an S-shaped curve on a logarithmic axis above the line of the prior",
    prevalence=[0.01, 0.001, 0.1],
    sensitivity=[0.95, 0.99],
    specificity=[0.9, 0.99],
)

# %% [markdown]
r"""
(expectation)=
## How large on average, and how far off?

The *expectation* is the average over the law,

$$
\mathbb E[X]=\int x\,f_X(x)\,dx,\qquad \mathbb E[g(X)]=\int g(x)\,f_X(x)\,dx ,
$$ (eq-pr-expectation)

with sums instead of integrals for discrete $X$. The second formula saves finding the law of $g(X)$. Since integrals are linear, $\mathbb E[aX+bY]=a\,\mathbb E[X]+b\,\mathbb E[Y]$, *whatever* the dependence of $X$ and $Y$. Try it on an exponential $X$ with rate 2 and $Y=X^2$, as dependent as can be.

:::{admonition} The mean of which function?
:class: correction
**The notes say** that $\mathbb E[f(x)]=\int x\,f(x)\,dx$.

**Right is:** with $f$ the density, $\int x\,f(x)\,dx$ is $\mathbb E[X]$. The mean of a function $g$ is $\int g(x)\,f(x)\,dx$.
:::
"""

# %%
density = lambda x: 2 * np.exp(-2 * x)
mean_of = lambda g: integrate.quad(lambda x: g(x) * density(x), 0, np.inf)[0]
verify(
    "exponential(2): ∫ x f(x) dx is the mean 1/2", mean_of(lambda x: x), 0.5, atol=1e-8
)
verify(
    "exponential(2): ∫ x² f(x) dx is E[X²] = 1/2",
    mean_of(lambda x: x**2),
    0.5,
    atol=1e-8,
)
verify(
    "exponential(2): the mean of the density itself, ∫ f(x) f(x) dx",
    mean_of(density),
    1.0,
    atol=1e-8,
)
draws = np.random.default_rng(3).exponential(1 / 2, 1_000_000)
verify_within_se("E[f(X)] by simulation", density(draws), 1.0)
verify_within_se(
    "3 X − 2 X² by simulation: linear in spite of dependence",
    3 * draws - 2 * draws**2,
    3 * 0.5 - 2 * 0.5,
)

# %% [markdown]
r"""
(variance)=
How far from its mean is $X$? The *variance* averages the squared distance. Expand the square and use linearity:

$$
\operatorname{Var}[X]=\mathbb E\bigl[(X-\mathbb EX)^2\bigr]=\mathbb E[X^2]-2\,\mathbb E[X]\,\mathbb E[X]+\mathbb E[X]^2=\mathbb E[X^2]-\mathbb E[X]^2 .
$$ (eq-pr-variance)

A shift cancels and a scale comes out squared: $\operatorname{Var}[aX+b]=a^2\operatorname{Var}[X]$. The two formulas are equal on paper. On a computer the second one subtracts two large numbers, here near $10^{18}$, where neighbouring floats are 128 apart. *Welford's* update needs one pass, too, and loses nothing.
"""


# %%
def welford(data):
    mean = total = 0.0
    for k, x in enumerate(data, start=1):
        step = x - mean
        mean = mean + step / k
        total = total + step * (x - mean)  # old distance times new distance
    return total / len(data)


uniform = np.random.default_rng(4).random(1_000_000)
verify(
    "uniform(0, 1): variance by quadrature",
    integrate.quad(lambda x: (x - 0.5) ** 2, 0, 1)[0],
    1 / 12,
    atol=1e-10,
)
verify_within_se("uniform(0, 1): variance by simulation", (uniform - 0.5) ** 2, 1 / 12)
verify(
    "Var[3 − 4X] is 16 Var[X]",
    np.var(3 - 4 * uniform),
    16 * np.var(uniform),
    rtol=1e-10,
)
far = 1e9 + np.random.default_rng(5).normal(size=1000)
verify(
    "Welford's variance of numbers near 10⁹", welford(far), np.var(far - 1e9), rtol=1e-8
)
difference = lambda data: np.mean(data**2) - np.mean(data) ** 2
verify(
    "E[X²] − E[X]² of numbers near 1/2 is their variance",
    difference(uniform),
    np.var(uniform),
    rtol=1e-9,
)
naive = difference(far)
verify(
    "E[X²] − E[X]² near 10⁹ can only be a multiple of 128: remainder", naive % 128, 0.0
)
verify_at_least(
    "E[X²] − E[X]² near 10⁹: its error, the true variance being about 1",
    abs(naive - np.var(far - 1e9)),
    0.9,
)

# %% [markdown]
r"""
(covariance)=
### Together

Two variables vary together when the *covariance*

$$
\operatorname{Cov}(X,Y)=\mathbb E\bigl[(X-\mathbb EX)(Y-\mathbb EY)\bigr]=\mathbb E[XY]-\mathbb E[X]\,\mathbb E[Y]
$$ (eq-pr-covariance)

is positive; $\operatorname{Cov}(X,X)=\operatorname{Var}[X]$. For independent variables $\mathbb E[XY]=\mathbb E[X]\,\mathbb E[Y]$ and the covariance vanishes. The converse fails. Take $X$ uniform on $[-1,1]$ and $Y=X^2$: the covariance is $\mathbb E[X^3]=0$, yet $Y$ is a *function* of $X$. Covariance sees straight lines only; mutual information sees the parabola.
"""


# %%
def covariance(X, Y):
    return np.mean((X - X.mean()) * (Y - Y.mean()))


rng = np.random.default_rng(6)
X, noise = rng.uniform(-1, 1, 100_000), rng.normal(size=100_000)
law_cov = lambda f, g: integrate.quad(lambda x: f(x) * (g(x) - 1 / 3) / 2, -1, 1)[0]
verify(
    "covariance of X and X² on [−1, 1]",
    law_cov(lambda x: x, np.square),
    0.0,
    atol=1e-12,
)
verify(
    "covariance of X² with itself: its variance 4/45",
    law_cov(np.square, np.square),
    4 / 45,
    atol=1e-12,
)
verify_within_se("Cov(X, X + noise) is Var X", X * (X + noise), 1 / 3)

# %%
cuts = np.sqrt(np.arange(11) / 10)  # where X² changes its bin
cuts = np.unique(np.round(np.r_[np.linspace(-1, 1, 11), cuts, -cuts], 12))
middle = (cuts[1:] + cuts[:-1]) / 2  # between two cuts: one cell of the table
in_bins = dict(bins=10, range=[[-1, 1], [0, 1]])
exact = np.histogram2d(middle, middle**2, weights=np.diff(cuts) / 2, **in_bins)[0]
counted = np.histogram2d(X, X**2, **in_bins)[0] / 1e5
verify(
    "X and X² in ten bins each: mutual information of the counts, nats",
    mutual_information(counted),
    mutual_information(exact),
    atol=0.005,
)
verify_at_least(
    "X and X² in ten bins each: exact mutual information, nats",
    mutual_information(exact),
    0.5,
)
verify_within_se(
    "independent pairs: sample covariance", (X - X.mean()) * (noise - noise.mean()), 0.0
)
verify(
    "own covariance of X and X + noise, against NumPy",
    covariance(X, X + noise),
    np.cov(X, X + noise, bias=True)[0, 1],
    rtol=1e-10,
)

# %% [markdown]
r"""
(cauchy-schwarz-for-expectations)=
How large can a covariance be? $\mathbb E[XY]$ is an [inner product](#induced-norm-and-distance) of random variables, so Cauchy and Schwarz apply. In two lines: for every number $t$, $0\le\mathbb E[(tX-Y)^2]=t^2\,\mathbb E[X^2]-2t\,\mathbb E[XY]+\mathbb E[Y^2]$, and at the best $t=\mathbb E[XY]/\mathbb E[X^2]$ this says

$$
\mathbb E[XY]^2\le\mathbb E[X^2]\,\mathbb E[Y^2].
$$ (eq-pr-cauchy-schwarz)

For centred variables, divided by the right side: the *correlation* $\operatorname{Cov}(X,Y)/\sqrt{\operatorname{Var}X\operatorname{Var}Y}$ lies in $[-1,1]$.

:::{admonition} Where the square belongs
:class: correction
**The notes say** that $\mathbb E[XY]^2\le\mathbb E[X]^2\,\mathbb E[Y^2]$.

**Right is:** the first factor is $\mathbb E[X^2]$. For $X=Y\sim\mathcal N(0,1)$ the left side is 1, and $\mathbb E[X]^2=0$.
:::
"""

# %%
rng = np.random.default_rng(7)
X, Y = rng.normal(size=(2, 1000, 6))  # 1000 laws on six pairs of values
weights = rng.dirichlet(np.ones(6), 1000)
mean = lambda Z: (weights * Z).sum(1)
verify_at_least(
    "1000 random laws: E[X²] E[Y²] − E[XY]²",
    mean(X**2) * mean(Y**2) - mean(X * Y) ** 2,
    0.0,
    atol=1e-12,
)


def correlation(X, Y):
    spread = (mean(X**2) - mean(X) ** 2) * (mean(Y**2) - mean(Y) ** 2)
    return (mean(X * Y) - mean(X) * mean(Y)) / np.sqrt(spread)


verify_at_most(
    "1000 random laws: size of the correlation", abs(correlation(X, Y)), 1.0, atol=1e-12
)
verify(
    "Y = −2X: equality in E[XY]² ≤ E[X²] E[Y²]",
    mean(X**2) * mean(4 * X**2),
    mean(-2 * X**2) ** 2,
)
verify("Y = 3 − 2X: correlation", correlation(X, 3 - 2 * X), -np.ones(1000))
normal_mean = lambda g: integrate.quad(lambda x: g(x) * stats.norm.pdf(x), -9, 9)[0]
verify(
    "X = Y normal: E[XY]², then E[X]² E[Y²]",
    [
        normal_mean(lambda x: x * x) ** 2,
        normal_mean(lambda x: x) ** 2 * normal_mean(lambda x: x**2),
    ],
    [1.0, 0.0],
    atol=1e-9,
)

# %% [markdown]
r"""
(variance-of-sum)=
### Sums

Expand the square of $\sum_ia_i(X_i-\mathbb EX_i)$ and take means:

$$
\operatorname{Var}\Bigl[\sum_ia_iX_i\Bigr]=\sum_ia_i^2\operatorname{Var}X_i+2\sum_{i<j}a_ia_j\operatorname{Cov}(X_i,X_j)=a^\top\Sigma a ,
$$ (eq-pr-sum-variance)

with $\Sigma_{ij}=\operatorname{Cov}(X_i,X_j)$. Average $n$ variables of variance $\sigma^2$ whose pairs all have correlation $\rho$: there are $n$ terms $\sigma^2/n^2$ and $n(n-1)$ terms $\rho\sigma^2/n^2$, so

$$
\operatorname{Var}\Bigl[\frac1n\sum_iX_i\Bigr]=\sigma^2\Bigl(\rho+\frac{1-\rho}n\Bigr).
$$ (eq-pr-floor)

Independent errors average away; shared ones do not. This floor $\rho\sigma^2$ is why [an ensemble](#ensemble) of networks trained on the same data soon stops improving. The dots are simulations; raise $\rho$ and watch the floor come up.
"""

# %%
rng = np.random.default_rng(8)
shared, own = rng.normal(size=(20_000, 1)), rng.normal(size=(20_000, 100))


def correlated(rho):
    """20,000 rows of 100 variables of variance 1, every pair with correlation rho."""
    return np.sqrt(rho) * shared + np.sqrt(1 - rho) * own


for n in (1, 5, 20, 100):
    verify_within_se(
        f"ρ = 0.3, variance of the mean of {n}: ρ + (1 − ρ)/n",
        correlated(0.3)[:, :n].mean(1) ** 2,
        0.3 + 0.7 / n,
    )
a, Z = np.array([2.0, -1.0, 0.5]), correlated(0.3)[:, :3] * [1, 2, 3]
verify(
    "Var[2X₁ − X₂ + X₃/2] of the data is aᵀΣa",
    np.var(Z @ a),
    a @ np.cov(Z.T, bias=True) @ a,
    rtol=1e-10,
)
pairs = sum(
    a[i] * a[j] * covariance(Z[:, i], Z[:, j]) for j in range(3) for i in range(j)
)
verify(
    "Var[2X₁ − X₂ + X₃/2]: variances plus twice the covariances of pairs",
    np.var(Z @ a),
    np.sum(a**2 * Z.var(0)) + 2 * pairs,
    rtol=1e-10,
)


# %% tags=["hide-input"]
def ensemble_floor(rho):
    n = np.arange(1, 101)
    some = [1, 2, 5, 10, 20, 50, 100]
    data = correlated(rho)
    fig, ax = plt.subplots()
    ax.loglog(n, rho + (1 - rho) / n, color=plot.BLUE, label="formula")
    ax.loglog(
        some,
        [data[:, :k].mean(1).var() for k in some],
        "o",
        color=plot.RED,
        label="simulated",
    )
    ax.loglog(n, 1 / n, ":", color=plot.GREY, label="independent")
    ax.set(
        xlabel="how many are averaged",
        ylabel="variance of the mean",
        ylim=(0.007, 1.4),
        title=f"floor at {rho:g}",
    )
    ax.legend(loc="lower left")
    return fig


explore(
    ensemble_floor,
    alt="Variance of the mean against how many variables are averaged, both axes logarithmic: it falls like 1/n at first and flattens at the correlation",
    rho=[0.3, 0.0, 0.01, 0.1, 0.5, 0.9],
)

# %% [markdown]
r"""
(covariance-matrix-transform)=
### Linear images

For a random vector, all covariances together form the matrix $\operatorname{Var}[X]=\mathbb E[(X-\mathbb EX)(X-\mathbb EX)^\top]$. Put $AX$ in place of $X$ and take the constant matrix out of the mean on both sides:

$$
\operatorname{Var}[AX]=\mathbb E\bigl[A(X-\mathbb EX)(X-\mathbb EX)^\top A^\top\bigr]=A\operatorname{Var}[X]\,A^\top .
$$ (eq-pr-transform)

With a single row $A=a^\top$ this is a variance, so $a^\top\Sigma a\ge0$ for all $a$: covariance matrices are symmetric [positive semidefinite](#positive-definite-matrix), and so is any second-moment matrix $XX^\top$, being [a Gram matrix](#gram-matrix-psd). Fewer examples than dimensions leave directions in which nothing varies: $n$ examples give rank $n-1$.
"""

# %%
rng = np.random.default_rng(9)


def covariance_matrix(X):
    """X holds one example a row, (n, d); the result is (d, d)."""
    centred = X - X.mean(0)
    return centred.T @ centred / len(X)


X, A = rng.normal(size=(500, 4)) @ rng.normal(size=(4, 4)), rng.normal(size=(3, 4))
verify(
    "own covariance matrix against NumPy",
    covariance_matrix(X),
    np.cov(X.T, bias=True),
    atol=1e-12,
)
verify(
    "covariance of the images Ax is A Σ Aᵀ",
    np.cov((X @ A.T).T, bias=True),
    A @ covariance_matrix(X) @ A.T,
    atol=1e-12,
)
few = rng.normal(size=(3, 5))
verify_at_least(
    "eigenvalues of covariances and of a second-moment matrix",
    np.r_[
        np.linalg.eigvalsh(covariance_matrix(X)),
        np.linalg.eigvalsh(covariance_matrix(few)),
        np.linalg.eigvalsh(few.T @ few),
    ],
    np.zeros(14),
    atol=1e-12,
)
verify(
    "rank of the covariance of 3 examples in 5 dimensions",
    np.linalg.matrix_rank(covariance_matrix(few)),
    2,
)

# %% [markdown]
r"""
(chebyshev-inequality)=
### What the variance guarantees

How often is $X$ further than $\epsilon$ from its mean? Where it is, $(X-\mu)^2/\epsilon^2\ge1$; elsewhere this quotient is at least 0. So it lies above the indicator of the event, and its mean above the probability:

$$
P(|X-\mu|\ge\epsilon)\le\frac{\sigma^2}{\epsilon^2}.
$$ (eq-pr-chebyshev)

*Chebyshev's inequality* knows nothing but the variance. For the laws one meets it is generous; one law makes it tight, all its mass either at the mean or exactly $k\sigma$ away.
"""

# %%
rng, n = np.random.default_rng(10), 1_000_000
laws = {
    "normal": rng.normal(size=n),
    "uniform": rng.uniform(-(3**0.5), 3**0.5, n),
    "exponential": rng.exponential(size=n) - 1,
}  # all of mean 0, variance 1
distance = np.array([1.0, 1.5, 2.0, 3.0])
tails = {name: (abs(z)[:, None] >= distance).mean(0) for name, z in laws.items()}
exact = {
    "normal": 2 * stats.norm.sf(distance),
    "exponential": np.exp(-1 - distance),
    "uniform": 1 - distance.clip(max=3**0.5) / 3**0.5,
}
for name, tail in tails.items():
    verify_at_most(
        f"{name}: tails beyond 1, 1.5, 2, 3 σ against σ²/ε²", tail, 1 / distance**2
    )
    verify(f"{name}: the tails by formula", tail, exact[name], atol=0.002)
k = 2.5
values, mass = (
    np.array([-k, 0, k]),
    np.array([1 / (2 * k**2), 1 - 1 / k**2, 1 / (2 * k**2)]),
)
verify(
    "three-point law: total, mean and variance",
    [mass.sum(), mass @ values, mass @ values**2],
    [1.0, 0.0, 1.0],
    atol=1e-12,
)
verify(
    "three-point law: the tail equals the bound", mass[abs(values) >= k].sum(), 1 / k**2
)

# %% mystnb={"image": {"alt": "Probability of being further than a number of standard deviations from the mean, logarithmic: Chebyshev's bound on top, touched by the three-point law, the exponential, normal and uniform laws far below."}} tags=["hide-input"]
eps = np.linspace(1, 4, 200)
plt.semilogy(eps, 1 / eps**2, color=plot.RED, label="Chebyshev")
plt.semilogy(eps, np.exp(-1 - eps), color=plot.ORANGE, label="exponential")
plt.semilogy(eps, 2 * stats.norm.sf(eps), color=plot.BLUE, label="normal")
plt.semilogy(
    eps[eps < 1.73], 1 - eps[eps < 1.73] / 3**0.5, color=plot.GREEN, label="uniform"
)
plt.plot(k, 1 / k**2, "o", color=plot.RED, label="three-point law, $k=2.5$")
plt.ylim(1e-5, 1.5)
plt.xlabel(r"distance from the mean, in $\sigma$")
plt.ylabel("probability of the tail")
plt.legend(loc="lower left")
plt.show()

# %% [markdown]
r"""
A mean of $n$ independent draws has variance $\sigma^2/n$, so it strays from $\mu$ by $\epsilon$ with probability at most $\sigma^2/(n\epsilon^2)\to0$. This is the *weak law of large numbers*, which every simulation of this chapter leans on.
"""

# %%
heads = np.array([100, 400, 1600])
strays = 2 * stats.binom(heads, 0.5).cdf(
    0.4 * heads + 1e-9
)  # 0.1 or more from one half
verify_at_most(
    "fair coins: P(mean is 0.1 or more off), n = 100, 400, 1600",
    strays,
    0.25 / (heads * 0.1**2),
)
flips = np.random.default_rng(11).binomial(100, 0.5, 100_000) / 100
verify_within_se(
    "100 fair coins: how often the mean is 0.1 off",
    abs(flips - 0.5) > 0.1 - 1e-9,
    strays[0],
)

# %% [markdown]
r"""
(cdf-and-density)=
## What happens to a density?

A density is not a probability: it may exceed 1, it has a unit, and it changes when $X$ is measured in other units. What is a probability is the *distribution function* $F_X(t)=P(X\le t)$, and the density is its slope, where it has one:

$$
f_X(t)=F_X'(t),\qquad P(a<X\le b)=F_X(b)-F_X(a)=\int_a^bf_X(t)\,dt .
$$ (eq-pr-cdf)

From data, $F$ is easier to have than $f$: count. The largest distance of the counted $F$ to the true one exceeds $\sqrt{\ln(2/\delta)/2n}$ with probability at most $\delta$, whatever the law (Dvoretzky, Kiefer and Wolfowitz).
"""

# %%
t = np.linspace(0.2, 4, 50)
for law in (stats.norm(1, 2), stats.gamma(2.5, scale=0.8)):
    slope = (law.cdf(t + 1e-5) - law.cdf(t - 1e-5)) / 2e-5
    verify(
        f"{law.dist.name}: slope of the distribution function is the density",
        slope,
        law.pdf(t),
        atol=1e-6,
    )

# %%
n, law = 10_000, stats.gamma(2.5, scale=0.8)
data = np.sort(law.rvs(n, random_state=np.random.default_rng(12)))
counted = np.arange(1, n + 1) / n
gap = np.max([abs(counted - law.cdf(data)), abs(counted - 1 / n - law.cdf(data))])
verify(
    "10,000 draws: largest gap of the counted F, against SciPy",
    gap,
    stats.kstest(data, law.cdf).statistic,
    atol=1e-12,
)

# %%
band = lambda n, delta: np.sqrt(np.log(2 / delta) / (2 * n))
verify_at_most(
    "10,000 draws: the gap against the bound that fails once in a hundred",
    gap,
    band(n, 0.01),
)
many = np.sort(np.random.default_rng(36).random((4000, 100)))  # uniform: F(x) = x
above = np.arange(1, 101) / 100 - many
widest = np.maximum(above, 0.01 - above).max(1)
verify(
    "ten samples of 100: the gaps, against SciPy",
    widest[:10],
    [stats.kstest(x, "uniform").statistic for x in many[:10]],
    atol=1e-12,
)
chance = stats.kstwo(100).sf(band(100, 0.1))  # exact
verify_within_se(
    "4000 samples of 100: how often the gap exceeds the bound for δ = 0.1",
    widest > band(100, 0.1),
    chance,
)
verify_at_most("samples of 100: the exact chance of that, against δ", chance, 0.1)

# %% [markdown]
r"""
(integration-by-substitution)=
**A change of variables.** Let $F'=f$. The chain rule says $(F\circ g)'=f(g)\,g'$; integrate both sides:

$$
\int_a^bf(g(x))\,g'(x)\,dx=\int_{g(a)}^{g(b)}f(u)\,du .
$$ (eq-pr-substitution)

So $du=g'(x)\,dx$. In several dimensions a small box at $x$ is mapped to one whose volume is $\lvert\det J_g(x)\rvert$ times larger, and this factor, without a sign, replaces $g'$. The classic case: $e^{-x^2}$ has no antiderivative, but its square is an integral over the plane, and in polar coordinates, where $\lvert\det J\rvert=r$, it has one:

$$
\Bigl(\int e^{-x^2}dx\Bigr)^2=\int_0^{2\pi}\!\!\int_0^\infty e^{-r^2}r\,dr\,d\varphi=2\pi\Bigl[-\tfrac12e^{-r^2}\Bigr]_0^\infty=\pi .
$$ (eq-pr-polar)
"""

# %%
left, _ = integrate.quad(lambda x: x * np.exp(x**2), 0, 2)
right, _ = integrate.quad(lambda u: np.exp(u) / 2, 0, 4)  # u = x², du = 2x dx
verify(
    "∫ x exp(x²) dx from 0 to 2, and the same after u = x²",
    [left, right],
    [(np.exp(4) - 1) / 2] * 2,
    rtol=1e-10,
)
r_, phi = sp.symbols("r phi", positive=True)
polar = sp.Matrix([r_ * sp.cos(phi), r_ * sp.sin(phi)])
area = sp.simplify(polar.jacobian([r_, phi]).det())
verify("the area factor of polar coordinates", str(area), "r")
disc = sp.integrate(sp.exp(-(r_**2)) * area, (r_, 0, sp.oo), (phi, 0, 2 * sp.pi))
verify(
    "Gaussian integral: polar coordinates, against the square of quadrature",
    float(disc),
    integrate.quad(lambda x: np.exp(-(x**2)), -np.inf, np.inf)[0] ** 2,
    atol=1e-8,
)

# %% [markdown]
r"""
(density-of-scaled-variable)=
**A new unit.** What is the density of $Z=\alpha Y$? For $\alpha>0$, $F_Z(z)=F_Y(z/\alpha)$. For $\alpha<0$ the order turns around, $F_Z(z)=P(Y\ge z/\alpha)=1-F_Y(z/\alpha)$. Differentiate both; the two signs cancel:

$$
f_{\alpha Y}(z)=\frac1{|\alpha|}\,f_Y\Bigl(\frac z\alpha\Bigr).
$$ (eq-pr-scaled)

:::{admonition} A density is never negative
:class: correction
**The notes say** that the factor is $1/\alpha$.

**Right is:** $1/\lvert\alpha\rvert$. With $1/\alpha$ the "density" of $-3Y$ integrates to $-1$.
:::
"""

# %%
f_Y, alpha = stats.gamma(2).pdf, -3.0
f_Z = lambda z: f_Y(z / alpha) / abs(alpha)
draws = alpha * np.random.default_rng(13).gamma(2, size=1_000_000)
edges = np.linspace(-24, 0, 25)
counts, _ = np.histogram(draws, edges)
mass = np.array([integrate.quad(f_Z, a, b)[0] for a, b in zip(edges, edges[1:])])
scores = (counts - 1e6 * mass) / np.sqrt(1e6 * mass * (1 - mass))
verify_at_most(
    "−3 times a gamma: largest bin error, in standard errors", abs(scores), 4.0
)
verify(
    "−3 times a gamma: mean square of the bin errors, in standard errors",
    np.mean(scores**2),
    1.0,
    atol=0.8,
)
verify(
    "−3 times a gamma: the density integrates to 1",
    integrate.quad(f_Z, -np.inf, 0)[0],
    1.0,
    atol=1e-8,
)
verify(
    "with the factor 1/α it integrates to −1",
    integrate.quad(lambda z: f_Y(z / alpha) / alpha, -np.inf, 0)[0],
    -1.0,
    atol=1e-8,
)

# %% [markdown]
r"""
(density-of-sum-is-convolution)=
### Adding independent variables

Given $X=t$, the sum $X+Y$ lies at $z$ if $Y$ lies at $z-t$. By independence and [the sum rule](#eq-pr-sum),

$$
f_{X+Y}(z)=\int f_X(t)\,f_Y(z-t)\,dt=(f_X*f_Y)(z),
$$ (eq-pr-convolution)

the [convolution](#convolution) of the densities. Two uniforms give a triangle. Convolve on and on with the same box: where does it lead? Rescaled to variance 1, with the normal density dashed:
"""

# %%
h = 1e-3
box = np.ones(1000)  # uniform(0, 1) at the midpoints of a grid of step h
sums = [box]
for _ in range(7):
    sums.append(h * np.convolve(sums[-1], box))


def standardised(n):
    """Grid and density of the sum of n uniforms, shifted to mean 0, scaled to variance 1."""
    sd = np.sqrt(n / 12)
    z = (np.arange(len(sums[n - 1])) + n / 2) * h - n / 2
    return z / sd, sd * sums[n - 1]


# %%
grid = (np.arange(1999) + 1) * h
verify(
    "two uniforms: the density of the sum is a triangle",
    sums[1],
    1 - abs(grid - 1),
    atol=2e-3,
)
z, f3 = standardised(3)
verify(
    "three uniforms: standardised density, against Irwin and Hall's formula",
    f3[np.searchsorted(z, [0.0, 1.0])],
    0.5 * np.array([0.75, 0.5 * 1.0**2]),
    atol=1e-3,
)
distances = [
    abs(f - stats.norm.pdf(z)).max() for z, f in map(standardised, range(1, 9))
]
verify_at_most(
    "eight uniforms: largest distance to the normal density", distances[7], 0.01
)
verify(
    "eight uniforms: that distance is Edgeworth's 3φ(0)/20n",
    distances[7],
    3 * stats.norm.pdf(0) / (20 * 8),
    rtol=0.04,
)
verify(
    "four times as many terms (2 to 8): the distance shrinks by a factor of",
    distances[1] / distances[7],
    4.0,
    atol=0.2,
)

# %% tags=["hide-input"]
uniforms = np.random.default_rng(14).random((50_000, 8))


def sum_of_uniforms(n):
    fig, ax = plt.subplots()
    data = (uniforms[:, :n].sum(1) - n / 2) / np.sqrt(n / 12)
    ax.hist(data, np.linspace(-4, 4, 65), density=True, color=plot.SKY, alpha=0.6)
    ax.plot(*standardised(n), color=plot.BLUE, label="convolution")
    z = np.linspace(-4, 4, 200)
    ax.plot(z, stats.norm.pdf(z), "--", color=plot.RED, label="normal")
    ax.set(
        xlim=(-4, 4),
        ylim=(0, 0.46),
        xlabel="standardised sum",
        ylabel="density",
        title=f"distance {distances[n - 1]:.3f}",
    )
    ax.legend(loc="upper right")
    return fig


explore(
    sum_of_uniforms,
    alt="Histogram and density of the standardised sum of n uniform variables: a box, a triangle, then a bell on top of the normal density",
    n=[2, 1, 3, 4, 8],
)

# %% [markdown]
r"""
Three uniforms already look like a bell. Why *this* bell, and why for other laws too? A transform that turns convolutions into products will show it.
"""

# %% [markdown]
r"""
(moment-generating-function)=
## All moments in one function

The *moment generating function* of a random vector is

$$
M_x(t)=\mathbb E\bigl[e^{t^\top x}\bigr]=\int e^{t^\top x}\,p(x)\,dx .
$$ (eq-pr-mgf)

It must be finite near $t=0$ to be of use. For a normal it is finite everywhere, for an exponential of rate $\lambda$ only for $t<\lambda$: $\int_0^\infty e^{tx}\lambda e^{-\lambda x}dx=\frac\lambda{\lambda-t}$. For a log-normal, whose tail is thinner than any power but thicker than any exponential, for no $t>0$ at all: push the end of the integral outwards, and it explodes.

:::{admonition} The exponential got lost
:class: correction
**The notes say** that $\mathbb E[\exp(t^\top x)]=\int t^\top x\,f(x)\,dx$.

**Right is:** $\int e^{t^\top x}f(x)\,dx$. The other integral is $t^\top\mathbb E[x]$.
:::
"""


# %%
def mgf(law, t):
    """E[exp(tX)] from the definition: a sum over 200 values, or an integral."""
    if hasattr(law.dist, "pmf"):
        k = np.arange(200)
        return np.sum(np.exp(t * k) * law.pmf(k))
    low, high = law.support()
    return integrate.quad(
        lambda x: np.exp(t * x) * law.pdf(x),
        max(low, -40),
        min(high, 200),
        limit=200,
        points=[0.0, 5.0],
    )[0]


for t in (-1.0, 0.3, 0.8):
    verify(
        f"E exp({t} X) for the normal(1, 4)",
        mgf(stats.norm(1, 2), t),
        np.exp(t + 2 * t**2),
        rtol=1e-8,
    )
    verify(
        f"E exp({t} X) for the exponential(2)",
        mgf(stats.expon(scale=0.5), t),
        2 / (2 - t),
        rtol=1e-8,
    )
verify(
    "without the exponential the integral is t E[x], here 0.3 · 1",
    integrate.quad(lambda x: 0.3 * x * stats.norm(1, 2).pdf(x), -40, 40)[0],
    0.3,
    atol=1e-8,
)
log_integrand = lambda x, t: t * x - np.log(x) ** 2 / 2  # log-normal, up to log x
far_out = np.array([1e4, 1e5, 1e6])
verify(
    "log-normal, t = 0.01: logarithm of the integrand at 10⁴, 10⁵, 10⁶",
    log_integrand(far_out, 0.01),
    [
        100 - (4 * np.log(10)) ** 2 / 2,
        1000 - (5 * np.log(10)) ** 2 / 2,
        10_000 - (6 * np.log(10)) ** 2 / 2,
    ],
)
partial = [
    integrate.quad(lambda x: np.exp(0.5 * x) * stats.lognorm(1).pdf(x), 1, end)[0]
    for end in (20, 40, 80)
]
verify_at_least(
    "log-normal, t = 0.5: partial integrals to 40 over 20, to 80 over 40",
    np.array([partial[1] / partial[0], partial[2] / partial[1]]),
    np.array([100.0, 1e6]),
)

# %% [markdown]
r"""
(mgf-moments)=
**Where the name comes from.** Expand the exponential, $M_x(t)=\sum_k\frac{t^k}{k!}\,\mathbb E[x^k]$ in one dimension. Differentiate $k$ times and put $t=0$: all terms below $k$ are gone, all above carry a $t$. In several dimensions each $\partial/\partial t_i$ brings down one factor $x_i$:

$$
\mathbb E\bigl[x_1^{k_1}\cdots x_n^{k_n}\bigr]=\frac{\partial^{k_1+\dots+k_n}}{\partial t_1^{k_1}\cdots\partial t_n^{k_n}}M_x(t)\Big|_{t=0}.
$$ (eq-pr-moments)

The Gaussian with mean zero has $M(t)=\exp(\frac12t^\top\Sigma t)$, as [we shall see](#mgf-normal). Four derivatives give a fourth moment that is painful to integrate, $\mathbb E[x_1^2x_2^2]=\sigma_{11}\sigma_{22}+2\sigma_{12}^2$.
"""

# %%
t1, t2, s11, s12, s22 = sp.symbols("t1 t2 s11 s12 s22")
M = sp.exp((s11 * t1**2 + 2 * s12 * t1 * t2 + s22 * t2**2) / 2)
fourth = sp.diff(M, t1, 2, t2, 2).subs({t1: 0, t2: 0})
verify(
    "fourth mixed moment by four derivatives: minus σ₁₁σ₂₂ + 2σ₁₂²",
    str(sp.expand(fourth - s11 * s22 - 2 * s12**2)),
    "0",
)
pairs = np.random.default_rng(15).multivariate_normal(
    [0, 0], [[2, 1.5], [1.5, 3]], 1_000_000
)
verify_within_se(
    "E[x₁²x₂²] by simulation, Σ = ((2, 1.5), (1.5, 3))",
    (pairs**2).prod(1),
    2 * 3 + 2 * 1.5**2,
)

# %% [markdown]
r"""
(mgf-of-weighted-sum)=
**Sums become products.** For independent $X_i$ the exponential of the sum is a product of independent factors, and the mean of the product is the product of the means:

$$
M_{\sum a_iX_i}(t)=\prod_iM_{X_i}(a_it).
$$ (eq-pr-mgf-sum)

Nothing asks for equal laws, but independence is needed. For $X=Y$ the left side is $M(2t)$, the right side $M(t)^2$.
"""

# %%
k = np.arange(120)
two, three = np.zeros(360), np.zeros(360)
two[2 * k], three[3 * k] = stats.poisson(1).pmf(k), stats.poisson(2).pmf(k)
law_of_sum = np.convolve(two, three)[:360]  # of 2 Poisson(1) + 3 Poisson(2)
poisson_mgf = lambda lam, t: np.exp(lam * (np.exp(t) - 1))
ts = np.array([-0.8, -0.3, 0.1, 0.2, 0.4])
verify(
    "2 Poisson(1) + 3 Poisson(2): from its law, and as a product",
    [law_of_sum @ np.exp(t * np.arange(360)) for t in ts],
    poisson_mgf(1, 2 * ts) * poisson_mgf(2, 3 * ts),
    rtol=1e-10,
)
verify(
    "for X = Y ~ Poisson(1) it fails: M(2t) is M(t)² exp((eᵗ − 1)²), t = 0.4",
    mgf(stats.poisson(1), 0.8),
    mgf(stats.poisson(1), 0.4) ** 2 * np.exp((np.exp(0.4) - 1) ** 2),
    rtol=1e-10,
)

# %% [markdown]
r"""
(mgf-uniqueness)=
**It determines the law.** If two moment generating functions are finite in a neighbourhood of 0 and agree there, the two laws are equal: $M$ extends to an analytic function whose values on the imaginary axis are the Fourier transform of the law, and that can be inverted. So a law may be recognised by its transform. Twelve independent Bernoulli variables have $M(t)=(1-p+pe^t)^{12}$, the transform of the binomial; hence their sum is binomial.

Equal *moments* are not enough, if they grow too fast for $M$ to exist. Heyde bent the log-normal density by a factor $1+\sin(2\pi\log x)$ and left every moment $\mathbb E[x^k]$ as it was {cite:p}`heyde1963`.
"""

# %%
tosses = np.array([1.0])
for _ in range(12):
    tosses = np.convolve(tosses, [0.7, 0.3])
binomial = stats.binom(12, 0.3)
verify(
    "twelve Bernoulli(0.3): law of the sum",
    tosses,
    binomial.pmf(np.arange(13)),
    atol=1e-12,
)
verify(
    "twelve Bernoulli(0.3): E exp(tX) at t = −1, 0.5, 2",
    [(0.7 + 0.3 * np.exp(t)) ** 12 for t in (-1, 0.5, 2)],
    [mgf(binomial, t) for t in (-1, 0.5, 2)],
    rtol=1e-12,
)
z = np.linspace(-12, 20, 200_001)  # z = log x is normal
bent_factor = 1 + np.sin(2 * np.pi * z)
moments = [
    [
        np.trapezoid(np.exp(order * z) * stats.norm.pdf(z) * factor, z)
        for order in range(1, 7)
    ]
    for factor in (1.0, bent_factor)
]
verify(
    "log-normal: moments 1 to 6",
    moments[0],
    np.exp(np.arange(1, 7) ** 2 / 2),
    rtol=1e-6,
)
verify("bent log-normal: the same moments 1 to 6", moments[1], moments[0], rtol=1e-6)
verify(
    "yet the laws differ: half the integral of |difference|",
    np.trapezoid(abs(bent_factor - 1) * stats.norm.pdf(z), z) / 2,
    1 / np.pi,
    atol=1e-3,
)

# %% [markdown]
r"""
### A table to keep

(mgf-bernoulli-and-binomial)=
(mgf-poisson)=
(mgf-gamma)=

| law | transform $M(t)$ | mean | variance |
|---|---|---|---|
| Bernoulli$(p)$ | $1-p+pe^t$ | $p$ | $p(1-p)$ |
| binomial$(n,p)$ | $(1-p+pe^t)^n$ | $np$ | $np(1-p)$ |
| Poisson$(\lambda)$ | $\exp(\lambda(e^t-1))$ | $\lambda$ | $\lambda$ |
| exponential, rate $\lambda$ | $\frac\lambda{\lambda-t}$, $t<\lambda$ | $\frac1\lambda$ | $\frac1{\lambda^2}$ |
| gamma, shape $\alpha$, scale $\beta$ | $(1-\beta t)^{-\alpha}$, $t<\frac1\beta$ | $\alpha\beta$ | $\alpha\beta^2$ |
| gamma, shape $\alpha$, rate $\beta$ | $\bigl(\frac\beta{\beta-t}\bigr)^\alpha$, $t<\beta$ | $\frac\alpha\beta$ | $\frac\alpha{\beta^2}$ |
| normal$(\mu,\sigma^2)$ | $\exp(\mu t+\frac12\sigma^2t^2)$ | $\mu$ | $\sigma^2$ |

The binomial is a sum of $n$ Bernoullis, the gamma the law of a waiting time whose integral is the exponential's with a power in front. Every line goes through three tests: the definition (sum or integral), a simulation, and two derivatives at 0, which must give mean and variance.
"""

# %%
t_, p_, lam_, al, be, m_, v_ = sp.symbols("t p lambda alpha beta mu v", positive=True)
bernoulli = 1 - p_ + p_ * sp.exp(t_)
table = {  # the law, its parameters; M, mean and variance as the table says
    "Bernoulli": (stats.bernoulli(0.35), {p_: 0.35}, bernoulli, p_, p_ * (1 - p_)),
    "binomial": (
        stats.binom(10, 0.35),
        {p_: 0.35},
        bernoulli**10,
        10 * p_,
        10 * p_ * (1 - p_),
    ),
    "Poisson": (
        stats.poisson(1.7),
        {lam_: 1.7},
        sp.exp(lam_ * (sp.exp(t_) - 1)),
        lam_,
        lam_,
    ),
    "exponential": (
        stats.expon(scale=1 / 2.5),
        {lam_: 2.5},
        lam_ / (lam_ - t_),
        1 / lam_,
        1 / lam_**2,
    ),
    "gamma by scale": (
        stats.gamma(2.5, scale=0.4),
        {al: 2.5, be: 0.4},
        (1 - be * t_) ** -al,
        al * be,
        al * be**2,
    ),
    "gamma by rate": (
        stats.gamma(2.5, scale=1 / 2.5),
        {al: 2.5, be: 2.5},
        (be / (be - t_)) ** al,
        al / be,
        al / be**2,
    ),
    "normal": (
        stats.norm(0.5, 0.8),
        {m_: 0.5, v_: 0.64},
        sp.exp(m_ * t_ + v_ * t_**2 / 2),
        m_,
        v_,
    ),
}

# %%
rng = np.random.default_rng(16)
for name, (law, numbers, M, mean, variance) in table.items():
    at = sp.lambdify(t_, M.subs(numbers))
    verify(
        f"{name}: M at −1, 0.3, 0.8 from the definition",
        [mgf(law, t) for t in (-1.0, 0.3, 0.8)],
        [at(t) for t in (-1.0, 0.3, 0.8)],
        rtol=1e-8,
    )
    draws = law.rvs(200_000, random_state=rng)
    verify_within_se(f"{name}: M(0.3) by simulation", np.exp(0.3 * draws), at(0.3))
    first, second = (sp.diff(M, t_, k).subs(t_, 0) for k in (1, 2))
    verify(
        f"{name}: M′(0) minus the mean, M″(0) − M′(0)² minus the variance",
        str([sp.simplify(first - mean), sp.simplify(second - first**2 - variance)]),
        "[0, 0]",
    )

# %% [markdown]
r"""
Two remarks on the table. The Poisson line is the limit of the binomial one, $(1+\frac{\lambda(e^t-1)}n)^n\to e^{\lambda(e^t-1)}$: many rare chances; the distance halves when $n$ doubles. And two gammas of equal scale add up to a gamma, since $(1-\beta t)^{-\alpha}(1-\beta t)^{-\alpha'}=(1-\beta t)^{-(\alpha+\alpha')}$.

:::{admonition} A transform that is not 1 at 0
:class: correction
**The notes say** that the gamma law has $M(t)=\bigl(\frac1{\alpha-\beta t}\bigr)^\alpha$ for $t<1/\beta$.

**Right is:** $\bigl(\frac1{1-\beta t}\bigr)^\alpha$. Every $M(0)=\mathbb E[e^0]$ is 1; the notes' formula gives $\alpha^{-\alpha}$ there.
:::
"""

# %%
law = stats.gamma(2.5, scale=0.4)
verify(
    "gamma(2.5, scale 0.4): M(1.2) from the definition",
    mgf(law, 1.2),
    5.1285151,
    atol=1e-7,
)
verify(
    "gamma: (1 − βt)^−α, and the notes' formula, at t = 1.2",
    [(1 - 0.4 * 1.2) ** -2.5, (2.5 - 0.4 * 1.2) ** -2.5],
    [mgf(law, 1.2), 0.1724],
    atol=1e-4,
)
verify(
    "gamma: any M(0), and what the notes' formula gives there",
    [mgf(law, 0.0), (2.5 - 0.4 * 0) ** -2.5],
    [1.0, 2.5**-2.5],
    atol=1e-8,
)
both = np.random.default_rng(17).gamma([1.5, 2.0], 0.4, (20_000, 2)).sum(1)
verify_at_least(
    "gamma(1.5) + gamma(2) of one scale: p-value against gamma(3.5)",
    stats.kstest(both, stats.gamma(3.5, scale=0.4).cdf).pvalue,
    1e-3,
)
t = np.linspace(-1, 1, 201)
gaps = [
    abs((1 + 1.7 * (np.exp(t) - 1) / n) ** n - poisson_mgf(1.7, t)).max()
    for n in (100, 200)
]
verify(
    "binomial to Poisson: gap of M for n = 100 over n = 200",
    gaps[0] / gaps[1],
    2.0,
    atol=0.2,
)

# %% [markdown]
r"""
Now the bell. Let $X$ have mean 0 and variance 1, so $M(t)=1+\frac{t^2}2+O(t^3)$. The standardised sum of $n$ copies has, by [the product rule](#eq-pr-mgf-sum),

$$
M\Bigl(\frac t{\sqrt n}\Bigr)^n=\Bigl(1+\frac{t^2}{2n}+O(n^{-3/2})\Bigr)^n\longrightarrow e^{t^2/2},
$$ (eq-pr-clt)

the transform of $\mathcal N(0,1)$, whatever the law of $X$ was: the *central limit theorem*, for laws that have an $M$. Its speed can be read off too: for the centred exponential the first term left over is $t^3/(3\sqrt n)$.
"""

# %%
centred = lambda t: np.exp(-t) / (1 - t)  # M of exponential(1) − 1
left_over = [
    centred(0.5 / np.sqrt(n)) ** n / np.exp(0.5**2 / 2) - 1 for n in (10**4, 10**6)
]
verify(
    "sums of 10⁴ and 10⁶ exponentials: relative gap of M(0.5) to the normal's",
    left_over,
    0.5**3 / 3 / np.sqrt([1e4, 1e6]),
    rtol=0.02,
)

# %% [markdown]
r"""
(multivariate-gaussian)=
## The Gaussian in many dimensions

Take $d$ independent standard normals $\epsilon$ and map them by $x=\mu+L\epsilon$. By [the rule for linear images](#eq-pr-transform) the covariance is $LIL^\top=LL^\top=\Sigma$, and a change of variables with $\lvert\det L\rvert=\sqrt{\det\Sigma}$ turns $(2\pi)^{-d/2}e^{-\|\epsilon\|^2/2}$ into

$$
\mathcal N(x;\mu,\Sigma)=\frac{\exp\bigl(-\frac12(x-\mu)^\top\Sigma^{-1}(x-\mu)\bigr)}{\sqrt{(2\pi)^d\det\Sigma}},
$$ (eq-pr-gaussian)

because $\|\epsilon\|^2=\|L^{-1}(x-\mu)\|^2=(x-\mu)^\top\Sigma^{-1}(x-\mu)$. The [Cholesky factor](#cholesky-decomposition) is such an $L$, and it serves both ways: to draw, and to evaluate the density without inverting anything.
"""


# %%
def log_density(x, mu, Sigma):
    """log N(x; mu, Sigma) for one example a row, (n, d)."""
    L = np.linalg.cholesky(Sigma)
    eps = np.linalg.solve(L, (x - mu).T)  # (d, n)
    return (
        -0.5 * (eps**2).sum(0)
        - np.log(np.diag(L)).sum()
        - 0.5 * len(mu) * np.log(2 * np.pi)
    )


rng = np.random.default_rng(18)
B = rng.normal(size=(4, 4))
mu4, Sigma4 = rng.normal(size=4), B @ B.T + 0.5 * np.eye(4)
x = mu4 + rng.normal(size=(100_000, 4)) @ np.linalg.cholesky(Sigma4).T  # (n, d)
verify(
    "own Gaussian log-density in 4 dimensions, against SciPy",
    log_density(x[:50], mu4, Sigma4),
    stats.multivariate_normal(mu4, Sigma4).logpdf(x[:50]),
    atol=1e-10,
)

# %%
centred = x - mu4
for i in range(4):
    verify_within_se(f"draws μ + Lε: mean of coordinate {i}", centred[:, i], 0.0)
    for j in range(i + 1):
        verify_within_se(
            f"draws μ + Lε: covariance of coordinates {i} and {j}",
            centred[:, i] * centred[:, j],
            Sigma4[i, j],
        )
mu2, Sigma2 = np.array([0.5, -0.3]), np.array([[1.0, 0.8], [0.8, 1.5]])
side = np.linspace(-9, 9, 361)
grid = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
verify(
    "own Gaussian density in the plane: integral",
    np.sum(np.exp(log_density(grid, mu2, Sigma2))) * 0.05**2,
    1.0,
    atol=1e-6,
)

# %% [markdown]
r"""
Level sets are ellipses $(x-\mu)^\top\Sigma^{-1}(x-\mu)=c^2$. Their axes are the eigenvectors of $\Sigma$, their half-lengths $c\sqrt{\lambda_i}$. Move the correlation of two unit-variance variables: the axes stay on the diagonals, and only their lengths $\sqrt{1\pm\rho}$ change.
"""

# %% tags=["hide-input"]
eps2 = np.random.default_rng(19).normal(size=(300, 2))


def tilted(rho):
    Sigma = np.array([[1, rho], [rho, 1]])
    lam, Q = np.linalg.eigh(Sigma)
    fig, ax = plt.subplots(figsize=(6.8, 3.6))
    ax.plot(*(eps2 @ np.linalg.cholesky(Sigma).T).T, ".", color=plot.SKY, ms=4)
    circle = np.array([np.cos(s := np.linspace(0, 2 * np.pi, 100)), np.sin(s)])
    for c in (1, 2):
        ax.plot(*(Q * np.sqrt(lam) @ circle * c), color=plot.BLUE)
    for axis, length in zip(Q.T, np.sqrt(lam)):
        ax.plot(*np.outer(axis, [0, 2 * length]), color=plot.RED)
    ax.set(
        xlim=(-5.4, 5.4),
        ylim=(-2.9, 2.9),
        aspect="equal",
        xlabel="$x_1$",
        ylabel="$x_2$",
        title=f"half-axes {np.sqrt(lam[1]):.2f} and {np.sqrt(lam[0]):.2f}",
    )
    return fig


explore(
    tilted,
    alt="Three hundred draws from a Gaussian with ellipses at one and two standard deviations; the ellipses are tilted along the diagonal and narrow as the correlation grows",
    rho=[0.8, 0.0, 0.4, 0.95, -0.6],
)

# %%
lam, Q = np.linalg.eigh(np.array([[1, 0.8], [0.8, 1]]))
verify("correlation 0.8: squared half-axes 1 − ρ and 1 + ρ", lam, [0.2, 1.8])
ends = (Q * np.sqrt(lam)).T  # the ends of the half-axes
verify(
    "ends of the half-axes √λ q: log-density below its top",
    log_density(ends, np.zeros(2), np.array([[1, 0.8], [0.8, 1]]))
    - log_density(np.zeros((1, 2)), np.zeros(2), np.array([[1, 0.8], [0.8, 1]])),
    [-0.5, -0.5],
)

# %% [markdown]
r"""
(mgf-normal)=
**Its transform.** For one standard normal complete the square, $t\epsilon-\frac12\epsilon^2=\frac12t^2-\frac12(\epsilon-t)^2$: the integral of the second part is 1, so $M_\epsilon(t)=e^{t^2/2}$. For independent ones multiply, $e^{\|t\|^2/2}$, and for $x=\mu+L\epsilon$

$$
M_x(t)=e^{t^\top\mu}\,M_\epsilon(L^\top t)=\exp\bigl(t^\top\mu+\tfrac12t^\top\Sigma t\bigr).
$$ (eq-pr-mgf-normal)

So $M_{Ax+b}(t)=e^{t^\top b}M_x(A^\top t)=\exp\bigl(t^\top(A\mu+b)+\frac12t^\top A\Sigma A^\top t\bigr)$, and [by uniqueness](#mgf-uniqueness): *linear images of Gaussians are Gaussian*, also when $A$ is not square.
"""

# %%
t2d = np.array([0.4, -0.7])
wide = stats.multivariate_normal(mu2, Sigma2).pdf
double, _ = integrate.dblquad(
    lambda b, a: np.exp(t2d @ [a, b]) * wide([a, b]),
    -7,
    8,
    -8,
    8,
    epsabs=1e-7,
    epsrel=1e-7,
)
verify(
    "Gaussian in the plane: E exp(tᵀx) by double integral",
    double,
    np.exp(t2d @ mu2 + t2d @ Sigma2 @ t2d / 2),
    atol=1e-6,
)
M_of = lambda t, m, S: sp.exp((t.T * m)[0] + (t.T * S * t)[0] / 2)
As, bs = sp.Matrix(3, 2, sp.symbols("a:6")), sp.Matrix(sp.symbols("b:3"))
ms, ts = sp.Matrix(sp.symbols("m:2")), sp.Matrix(sp.symbols("t:3"))
Ss = sp.Matrix([[s11, s12], [s12, s22]])
image = sp.exp((ts.T * bs)[0]) * M_of(As.T * ts, ms, Ss)
verify(
    "image Ax + b: log of M_x(Aᵀt) exp(tᵀb) minus that of N(Aμ + b, AΣAᵀ)",
    str(
        sp.expand(
            sp.expand_log(
                sp.log(image / M_of(ts, As * ms + bs, As * Ss * As.T)), force=True
            )
        )
    ),
    "0",
)

# %% [markdown]
r"""
(gaussian-conditional)=
### Seeing one part

Split a Gaussian vector into $a_1$, which is observed, and $a_2$, which is not. What does $a_1=z$ tell about $a_2$? The marginal is a linear image, so $a_1\sim\mathcal N(u_1,\Sigma_{11})$. For the conditional, take from $a_2$ the best linear guess and keep the rest:

$$
r=(a_2-u_2)-\Sigma_{21}\Sigma_{11}^{-1}(a_1-u_1).
$$

Then $\operatorname{Cov}(r,a_1)=\Sigma_{21}-\Sigma_{21}\Sigma_{11}^{-1}\Sigma_{11}=0$, and $r$ and $a_1$ are jointly Gaussian. For Gaussians zero covariance *is* independence (the density factorises), so $r$ does not care what $a_1$ was. Its covariance is

$$
\operatorname{Var}[r]=\Sigma_{22}-2\,\Sigma_{21}\Sigma_{11}^{-1}\Sigma_{12}+\Sigma_{21}\Sigma_{11}^{-1}\Sigma_{11}\Sigma_{11}^{-1}\Sigma_{12}=\Sigma_{22}-\Sigma_{21}\Sigma_{11}^{-1}\Sigma_{12},
$$

and putting $a_1=z$ back,

$$
a_2\mid a_1=z\;\sim\;\mathcal N\bigl(u_2+\Sigma_{21}\Sigma_{11}^{-1}(z-u_1),\;\Sigma_{22}-\Sigma_{21}\Sigma_{11}^{-1}\Sigma_{12}\bigr).
$$ (eq-pr-conditional-gaussian)

The mean moves linearly with $z$; the covariance shrinks, by an amount that does not depend on $z$ at all.

:::{admonition} What the off-diagonal blocks are
:class: correction
**The notes say** that the blocks $\Sigma_{12},\Sigma_{21}$ are positive semidefinite.

**Right is:** they are rectangular in general, with $\Sigma_{21}=\Sigma_{12}^\top$. Semidefinite are $\Sigma_{11}$, $\Sigma_{22}$ and the whole. Two variables with correlation $-0.6$ have $\Sigma_{12}=-0.6$.
:::
"""


# %%
def condition(u, Sigma, z):
    """Mean and covariance of the rest, given that the first len(z) coordinates are z."""
    k = len(z)
    gain = np.linalg.solve(Sigma[:k, :k], Sigma[:k, k:]).T  # Σ₂₁ Σ₁₁⁻¹
    return u[k:] + gain @ (z - u[:k]), Sigma[k:, k:] - gain @ Sigma[:k, k:]


rng, quotient, conditional = np.random.default_rng(20), [], []
for point in mu4 + 2 * rng.normal(size=(20, 4)):
    mean, cov = condition(mu4, Sigma4, point[:1])
    conditional.append(log_density(point[None, 1:], mean, cov)[0])
    quotient.append(
        (
            log_density(point[None], mu4, Sigma4)
            - log_density(point[None, :1], mu4[:1], Sigma4[:1, :1])
        )[0]
    )
verify(
    "log of joint over marginal density is that of the conditional, 20 points",
    conditional,
    quotient,
    atol=1e-10,
)
verify(
    "conditional covariance: inverse of a block of the precision matrix",
    condition(mu4, Sigma4, mu4[:2])[1],
    np.linalg.inv(np.linalg.inv(Sigma4)[2:, 2:]),
    atol=1e-10,
)
verify("off-diagonal block of the covariance: shape", Sigma4[:1, 1:].shape, (1, 3))
verify(
    "correlation −0.6: Σ₁₂ is negative, the whole is positive definite",
    np.linalg.eigvalsh([[1.0, -0.6], [-0.6, 1.0]]),
    [0.4, 1.6],
)

# %% [markdown]
"""
Drag the observation. On the left the red line cuts the hill at $a_1=z$; on the right stands the cut, rescaled to area 1: the conditional, beside the marginal it came from. Its centre follows $z$, its width does not. With the correlation at zero, seeing $a_1$ changes nothing.
"""


# %% tags=["hide-input"]
def slice_at(z, rho):
    S = np.array([[1, rho], [rho, 1]])
    (mean,), ((var,),) = condition(np.zeros(2), S, np.array([z]))
    fig, (left, right) = plt.subplots(
        1, 2, figsize=(6.8, 3.3), sharey=True, width_ratios=[3, 2]
    )
    hill = lambda x, y: np.exp(-(x**2 - 2 * rho * x * y + y**2) / (2 - 2 * rho**2))
    plot.contours(left, hill, (-3.2, 3.2), (-3.2, 3.2), [0.01, 0.1, 0.3, 0.6, 0.9])
    left.plot([-3.2, 3.2], [-3.2 * rho, 3.2 * rho], ":", color=plot.BLUE)
    left.axvline(z, color=plot.RED)
    left.plot(z, mean, "o", color=plot.RED)
    left.set(xlabel="$a_1$", ylabel="$a_2$", title="joint density, cut at $z$")
    a = np.linspace(-3.2, 3.2, 200)
    right.plot(stats.norm.pdf(a), a, color=plot.GREY)
    right.plot(stats.norm(mean, var**0.5).pdf(a), a, color=plot.RED)
    right.set(
        xlabel="density of $a_2$",
        xlim=(0, 0.95),
        title=f"mean {mean:.2f}, s.d. {var**0.5:.2f}",
    )
    return fig


explore(
    slice_at,
    alt="Left contours of a correlated Gaussian cut by a vertical line, right the density of the second coordinate before and after the first is observed",
    z=[1.5, 0.5, -0.5, -1.5],
    rho=[0.8, 0.0, -0.5],
)

# %% [markdown]
r"""
With a hundred coordinates, the values of a function at a hundred places, the same two lines of algebra draw a curve through observations, with error bars. That is [a Gaussian process](#gaussian-process), the subject of another chapter.

(integration-by-parts)=
### A derivative moved

The product rule $(uv)'=u'v+uv'$, integrated and sorted:

$$
\int_a^bu\,v'\,dx=\bigl[uv\bigr]_a^b-\int_a^bu'\,v\,dx .
$$ (eq-pr-parts)

When the boundary term vanishes, a derivative moves from one factor to the other and leaves a minus sign. The Gaussian density $\phi$ has $\phi'(x)=-x\,\phi(x)$ and dies at both ends, so

$$
\mathbb E[x\,f(x)]=\int f\cdot x\phi\,dx=-\int f\,\phi'\,dx=\int f'\phi\,dx=\mathbb E[f'(x)].
$$ (eq-pr-stein)

*Stein's identity* trades a derivative for a factor $x$. Score matching, and every gradient of an average over Gaussian noise, rest on it.
"""

# %%
by_parts = (x_ := sp.Symbol("x")) * sp.exp(x_) - sp.integrate(sp.exp(x_), x_)
verify(
    "∫ x eˣ by parts, minus the integral by algebra: derivative",
    str(sp.simplify(sp.diff(by_parts, x_) - x_ * sp.exp(x_))),
    "0",
)
verify(
    "∫ x eˣ from 0 to 1: boundary minus ∫ eˣ, against quadrature",
    float(by_parts.subs(x_, 1) - by_parts.subs(x_, 0)),
    integrate.quad(lambda x: x * np.exp(x), 0, 1)[0],
)
gauss_mean = lambda g: integrate.quad(lambda x: g(x) * stats.norm.pdf(x), -12, 12)[0]
verify(
    "normal x: E[x tanh x] = E[tanh′ x]",
    gauss_mean(lambda x: x * np.tanh(x)),
    gauss_mean(lambda x: 1 / np.cosh(x) ** 2),
    atol=1e-10,
)

# %% [markdown]
r"""
(jensen-inequality)=
## A bent function of an average

Is the mean of the squares the square of the mean? No, the difference is the variance, never negative. The reason is the bend. Let $\varphi$ be [convex](#convex-function) and lay a tangent $\varphi(m)+s(x-m)$ under it at $m=\mathbb E[X]$. The graph lies above, $\varphi(X)\ge\varphi(m)+s(X-m)$, and taking means kills the last term:

$$
\varphi(\mathbb E[X])\le\mathbb E[\varphi(X)],\qquad \varphi\Bigl(\sum_i\lambda_ix_i\Bigr)\le\sum_i\lambda_i\varphi(x_i),\qquad \varphi\Bigl(\int g\,d\mu\Bigr)\le\int\varphi\circ g\,d\mu .
$$ (eq-pr-jensen)

Three spellings of *Jensen's inequality*: for a random variable, for weights $\lambda_i\ge0$ with sum 1, for a probability measure $\mu$. For concave $\varphi$, such as the logarithm, it is reversed. Move the weight of the right-hand point; the gap between chord and curve is what Jensen gives away.
"""


# %% tags=["hide-input"]
def chord(weight):
    fig, ax = plt.subplots()
    x, ends = np.linspace(-1, 2.2, 200), np.array([-0.7, 2.0])
    mean = (1 - weight) * ends[0] + weight * ends[1]
    top = (1 - weight) * np.exp(ends[0]) + weight * np.exp(ends[1])
    ax.plot(x, np.exp(x), color=plot.BLUE, label=r"$\varphi=\exp$")
    ax.plot(x, np.exp(mean) * (1 + x - mean), color=plot.GREY, lw=1, label="tangent")
    ax.plot(ends, np.exp(ends), "o-", color=plot.GREEN, label="chord")
    ax.plot([mean, mean], [np.exp(mean), top], "o-", color=plot.RED)
    ax.set(
        ylim=(-0.8, 9),
        xlabel="$x$",
        title=f"φ(E X) = {np.exp(mean):.2f}, E φ(X) = {top:.2f}",
    )
    ax.legend(loc="upper left")
    return fig


explore(
    chord,
    alt="The exponential with a chord above and a tangent below it; a vertical red segment joins curve and chord at the mean of two points",
    weight=[0.5, 0.1, 0.3, 0.7, 0.9],
)

# %%
rng = np.random.default_rng(21)
values, weights = rng.uniform(0.1, 3, (1000, 5)), rng.dirichlet(np.ones(5), 1000)
mean = lambda Z: (weights * Z).sum(1)
for name, phi in {
    "exp": np.exp,
    "square": np.square,
    "−log": lambda x: -np.log(x),
}.items():
    verify_at_least(
        f"{name}: E φ(X) − φ(E X) for 1000 random laws",
        mean(phi(values)) - phi(mean(values)),
        0.0,
        atol=1e-12,
    )
verify(
    "for the square the gap is the variance",
    mean(values**2) - mean(values) ** 2,
    mean((values - mean(values)[:, None]) ** 2),
    atol=1e-12,
)
verify(
    "exp of a normal(0, 1.2²): gap exp(s²/2) − 1",
    integrate.quad(lambda x: np.exp(x) * stats.norm(0, 1.2).pdf(x), -15, 18)[0]
    - np.exp(0),
    np.exp(0.72) - 1,
    atol=1e-8,
)
verify_at_least(
    "arithmetic mean − geometric mean (Jensen for −log)",
    mean(values) - np.exp(mean(np.log(values))),
    0.0,
    atol=1e-12,
)

# %% [markdown]
r"""
(self-information)=
## What is a surprise worth?

That the sun rose this morning is not news. That it did not would be. Let $I(p)$ be the information in an event of probability $p$. Two demands: the less probable, the more; and two independent events together tell the sum of what each tells, $I(pq)=I(p)+I(q)$. Only the logarithm does both, up to its base:

$$
I(x)=-\log p(x).
$$ (eq-pr-information)

To base 2 the unit is the *bit*, the answer to one question that could go either way. The certain event has none; an event of probability 0 would have infinitely much.
"""


# %%
def information(p):
    """In bits."""
    return -np.log2(p)


verify(
    "information of p = 1, 1/2, 1/8, in bits",
    information(np.array([1, 0.5, 0.125])),
    [0.0, 1.0, 3.0],
)
p, q = np.random.default_rng(22).random((2, 1000))
verify(
    "information is additive",
    information(p * q),
    information(p) + information(q),
    atol=1e-12,
)
verify(
    "sunrise with p = 0.999999, in millionths of a bit",
    1e6 * information(0.999999),
    1.4427,
    atol=1e-4,
)
verify("no sunrise, in bits", information(1e-6), 19.93, atol=0.005)

# %% [markdown]
r"""
(entropy)=
A source emits symbols with law $p$. How much information does one bring on average? The *entropy*

$$
H(p)=\mathbb E\bigl[-\log p(X)\bigr]=-\sum_xp(x)\log p(x),\qquad 0\log0=0 .
$$ (eq-pr-entropy)

It is at least 0, with equality for a source that always says the same. And it is at most $\log K$ for $K$ symbols: Jensen for the logarithm says $\mathbb E[\log\frac1{p(X)}]\le\log\mathbb E[\frac1{p(X)}]=\log K$, with equality for the uniform law. A density has a *differential* entropy $-\int f\log f$ too, but that one changes with the unit and may be negative.

:::{admonition} The sign of the entropy
:class: correction
**The notes say** that $\mathbb E_{P_{data}}[\log P_{data}]$ is the entropy.

**Right is:** it is minus the entropy, $H=-\mathbb E_P[\log P]$.
:::
"""


# %%
def entropy(p, base=np.e):
    """Along the last axis; 0 log 0 counts as 0."""
    p = np.asarray(p, dtype=float)
    return -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=-1) / np.log(base)


rng = np.random.default_rng(23)
laws = rng.dirichlet(np.full(7, 0.5), 10_000)
verify("entropy of a fair die, in bits", entropy(np.ones(6) / 6, 2), np.log2(6))
verify("entropy of a point mass", entropy([0, 1.0, 0]), 0.0, atol=1e-12)
verify(
    "10,000 random laws: entropy, against SciPy",
    entropy(laws),
    stats.entropy(laws, axis=1),
    atol=1e-12,
)
verify_at_least("10,000 random laws on 7 symbols: entropy above 0", entropy(laws), 0.0)
verify_at_most(
    "10,000 random laws on 7 symbols: entropy, at most log 7",
    entropy(laws),
    np.log(7),
    atol=1e-12,
)
symbols = rng.choice(7, size=100_000, p=laws[0])
verify_within_se(
    "100,000 symbols: mean of log p is minus the entropy",
    np.log(laws[0][symbols]),
    -stats.entropy(laws[0]),
)
verify(
    "differential entropy of uniform(0, 1/2): −log 2",
    -integrate.quad(lambda x: 2 * np.log(2), 0, 0.5)[0],
    stats.uniform(0, 0.5).entropy(),
)

# %% [markdown]
r"""
Now the curve of [the opening](#probability-chapter) has a name. By Stirling's formula $\log\binom n{pn}=n\,H(p)-\frac12\log(2\pi np(1-p))+\dots$: to number the typical sequences takes $H$ a toss, and a remainder that dies like $\frac{\log n}n$. Drag $p$, and read how much one toss tells.
"""

# %%
p = np.array([0.05, 0.11, 0.3, 0.5])
stirling = entropy(np.c_[p, 1 - p], 2) - np.log2(2 * np.pi * 1e4 * p * (1 - p)) / 2e4
verify(
    "bits a toss by counting 10,000 tosses: entropy and Stirling's remainder",
    [bits_by_counting(a, 10_000) for a in p],
    stirling,
    atol=1e-6,
)
verify("entropy of the 11 % coin, in bits", entropy([0.11, 0.89], 2), 0.4999, atol=5e-5)


# %% tags=["hide-input"]
def bent_coin(p):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2), width_ratios=[2, 3])
    left.bar(
        ["heads", "tails"],
        information(np.array([p, 1 - p])),
        width=2 * np.array([p, 1 - p]) * 0.45,
        color=[plot.RED, plot.BLUE],
    )
    left.set(ylim=(0, 7), ylabel="bits (width: probability)", title="area = entropy")
    a = np.linspace(1e-6, 1 - 1e-6, 300)
    right.plot(a, entropy(np.c_[a, 1 - a], 2), color=plot.BLUE)
    right.plot(p, entropy([p, 1 - p], 2), "o", color=plot.RED)
    right.set(
        xlabel="probability of heads",
        ylabel="entropy in bits",
        title=f"H = {entropy([p, 1 - p], 2):.3f}",
    )
    return fig


explore(
    bent_coin,
    alt="Left two bars, the information of heads and tails, as wide as they are probable; right the entropy of the coin against its bend, an arch with its top of one bit at one half",
    p=[0.11, 0.01, 0.03, 0.25, 0.5, 0.75, 0.97],
)

# %% [markdown]
r"""
### A code from a tree

Morse gave short signs to frequent letters. The best such code, one word of bits for each symbol, no word the beginning of another, was found by Huffman as a student {cite:p}`huffman1952`: join the two rarest symbols into one, with a last bit to tell them apart, and go on with one symbol fewer.
"""


# %%
def huffman(p):
    """Code words, one for each symbol of the law p."""
    words = [""] * len(p)
    heap = [(weight, [symbol]) for symbol, weight in enumerate(p)]
    while len(heap) > 1:
        heap.sort()
        (weight0, group0), (weight1, group1), *heap = heap
        for symbol in group0:
            words[symbol] = "0" + words[symbol]
        for symbol in group1:
            words[symbol] = "1" + words[symbol]
        heap.append((weight0 + weight1, group0 + group1))
    return words


def mean_length(p, words):
    return sum(weight * len(word) for weight, word in zip(p, words))


# %%
rhyme = (
    "the time has come the walrus said to talk of many things of shoes and ships "
    "and sealing wax of cabbages and kings and why the sea is boiling hot and "
    "whether pigs have wings"
)  # Lewis Carroll, 1871
letters = [c for c in rhyme if c != " "]
alphabet, counts = np.unique(letters, return_counts=True)
freq, letter_weights = counts / counts.sum(), counts.tolist()
words = huffman(freq)
coded = "".join(words[np.searchsorted(alphabet, c)] for c in letters)
verify(
    "Kraft's sum of the Huffman words", sum(2.0 ** -len(word) for word in words), 1.0
)
none = not any(a != b and b.startswith(a) for a in words for b in words)
verify("no Huffman word begins another", none, True)
length = mean_length(freq, words)
verify(
    "bits of the coded rhyme, a letter", len(coded) / len(letters), length, rtol=1e-12
)
verify_at_least(
    "Huffman on the rhyme: bits a letter above the entropy",
    length - entropy(freq, 2),
    0.0,
)
verify_at_most(
    "Huffman on the rhyme: bits a letter above the entropy",
    length - entropy(freq, 2),
    1.0,
)
five = np.array([0.35, 0.25, 0.2, 0.15, 0.05])
lengths = [l for l in product(range(1, 5), repeat=5) if sum(2.0**-k for k in l) <= 1]
verify(
    "five symbols: no lengths that Kraft allows beat Huffman's",
    mean_length(five, huffman(five)),
    min(five @ l for l in lengths),
)
verify_at_most(
    "entropy of the rhyme's letters over log₂ 26", entropy(freq, 2) / np.log2(26), 1.0
)

# %% [markdown]
r"""
Why can no code beat the entropy? Words of lengths $l_x$, none the beginning of another, are disjoint branches of a binary tree, so $\sum_x2^{-l_x}\le1$ (Kraft): $q(x)=2^{-l_x}$ is a law, or less, and $\sum_xp(x)\,l_x=-\sum_xp(x)\log_2q(x)\ge H(p)$, as the [next section](#kl-divergence) proves. And words of length $\lceil-\log_2p(x)\rceil$ satisfy Kraft, so the best code is below $H+1$.

That $+1$ is why a coin seems hopeless: two symbols, two words of one bit, nothing gained. The cure is to code *blocks* of $k$ tosses as one symbol; the $+1$ is then shared by $k$. Lengthen the block:
"""


# %%
def coin_blocks(p, k):
    """The law of k tosses, 2ᵏ symbols."""
    law = np.ones(1)
    for _ in range(k):
        law = np.outer(law, [p, 1 - p]).ravel()
    return law


block_bits = [
    mean_length(law := coin_blocks(0.11, k), huffman(law)) / k for k in range(1, 10)
]
half = entropy([0.11, 0.89], 2)
verify(
    "Huffman on pairs of tosses, by hand: bits a toss",
    block_bits[1],
    (1 * 0.89**2 + 2 * 0.89 * 0.11 + 3 * 0.11) / 2,
)
verify_at_least(
    "Huffman on blocks of 1 to 9 tosses: bits a toss above the entropy",
    np.array(block_bits) - half,
    0.0,
)
verify_at_most(
    "Huffman on blocks of k = 1 to 9 tosses: bits a toss, below H + 1/k",
    np.array(block_bits),
    half + 1 / np.arange(1, 10),
)
verify("Huffman on single tosses: bits a toss", block_bits[0], 1.0)
verify(
    "Huffman on blocks of nine: bits a toss, against the entropy",
    block_bits[8],
    half,
    rtol=0.02,
)

# %% mystnb={"image": {"alt": "Bits a toss of Huffman codes against the block length from 1 to 9: from 1 down towards the dashed entropy at one half, never below it, under the bound H + 1/k."}} tags=["hide-input"]
k = np.arange(1, 10)
plt.plot(k, half + 1 / k, ":", color=plot.GREY, label="$H+1/k$")
plt.plot(k, block_bits, "o-", color=plot.BLUE, label="Huffman")
plt.axhline(half, ls="--", color=plot.RED, label="entropy $H$")
plt.ylim(0.4, 1.6)
plt.xlabel("tosses in a block, $k$")
plt.ylabel("bits a toss")
plt.legend()
plt.show()

# %% [markdown]
r"""
Within two per cent, at the price of a table of $2^k$ words. (Longer is not always better: whole bits fit blocks of six by luck.) The [headline](#headline-code) does better with no table.
"""

# %% [markdown]
r"""
## The price of a wrong belief

(cross-entropy)=
Symbols come from $p$, but the code was made for $q$: a symbol $x$ gets $-\log q(x)$ instead of $-\log p(x)$. The average price is the *cross-entropy*

$$
H(p,q)=\mathbb E_{x\sim p}\bigl[-\log q(x)\bigr]=-\sum_xp(x)\log q(x).
$$ (eq-pr-cross-entropy)

As a training loss, $p$ is the data and $q$ the model; [softmax regression](#softmax-log-likelihood) minimises nothing else.

(kl-divergence)=
The extra over the entropy is the *Kullback–Leibler divergence*,

$$
KL(p\,\|\,q)=H(p,q)-H(p)=\sum_xp(x)\log\frac{p(x)}{q(x)}\ge0 .
$$ (eq-pr-kl)

It cannot be negative: by [Jensen](#eq-pr-jensen) for the concave logarithm

$$
-KL(p\,\|\,q)=\mathbb E_p\Bigl[\log\frac{q(X)}{p(X)}\Bigr]\le\log\mathbb E_p\Bigl[\frac{q(X)}{p(X)}\Bigr]=\log\sum_{p(x)>0}q(x)\le\log1=0,
$$ (eq-pr-gibbs)

with equality only for $q=p$. It is infinite when $q$ excludes something that happens, and terms with $p(x)=0$ count 0. So over $q$ the cross-entropy has its minimum $H(p)$ at $q=p$. Descending the logits of a softmax, whose [gradient](#softmax-cross-entropy-gradient) is $q-p$, gets there.
"""


# %%
def cross_entropy(p, q):
    return -np.sum(p * np.log(q), axis=-1)


def kl(p, q):
    """KL(p‖q) in nats along the last axis, for q > 0; terms with p = 0 count 0."""
    return np.sum(p * np.log(np.where(p > 0, p, 1) / np.where(p > 0, q, 1)), axis=-1)


rng = np.random.default_rng(24)
p, q = rng.dirichlet(np.ones(6), (2, 10_000))
verify(
    "10,000 random pairs: H(p, q) = H(p) + KL(p‖q)",
    cross_entropy(p, q),
    entropy(p) + kl(p, q),
    atol=1e-12,
)
verify(
    "10,000 random pairs: KL, against SciPy",
    kl(p, q),
    stats.entropy(p, q, axis=1),
    rtol=1e-9,
    atol=1e-12,
)
verify_at_least("10,000 random pairs: KL is not negative", kl(p, q), 0.0, atol=1e-12)
verify("KL(p‖p)", kl(p, p), np.zeros(10_000), atol=1e-12)
verify(
    "a law with a zero: KL((1/2, 1/2, 0)‖(1/4, 1/4, 1/2))",
    kl(np.array([0.5, 0.5, 0]), np.array([0.25, 0.25, 0.5])),
    np.log(2),
)

# %%
logits, target = np.zeros(6), p[0]
for _ in range(3000):
    model = special.softmax(logits)
    logits = logits - 1.0 * (model - target)
verify("gradient descent on the cross-entropy finds p", model, target, atol=1e-4)
verify(
    "the least cross-entropy is the entropy",
    cross_entropy(target, model),
    stats.entropy(target),
    atol=1e-6,
)
nudge = 1e-6 * np.eye(6)
slope = [
    (
        cross_entropy(target, special.softmax(nudge[i]))
        - cross_entropy(target, special.softmax(-nudge[i]))
    )
    / 2e-6
    for i in range(6)
]
verify(
    "slope of the cross-entropy in the logits, at zero: q − p",
    slope,
    1 / 6 - target,
    atol=1e-8,
)

# %% [markdown]
r"""
Though it is zero exactly for equal laws, KL is no distance. It is not symmetric, and a detour can be shorter:

| from | to | KL in nats |
|---|---|---|
| coin 0.5 | coin 0.9 | 0.511 |
| coin 0.9 | coin 0.5 | 0.368 |
| coin 0.5 | coin 0.25 | 0.144 |
| coin 0.25 | coin 0.1 | 0.092 |
| coin 0.5 | coin 0.1 | 0.511 |

:::{admonition} Not a difference of entropies
:class: correction
**The notes say** that KL is the difference in average information of $p$ and $q$, zero for the same information content.

**Right is:** both logarithms are averaged under $p$. Coins with $0.1$ and $0.9$ have equal entropies, and $KL=0.8\log9\approx1.758$ nats.
:::
"""

# %%
coin = lambda a: np.array([a, 1 - a])
table = {
    (0.5, 0.9): 0.511,
    (0.9, 0.5): 0.368,
    (0.5, 0.25): 0.144,
    (0.25, 0.1): 0.092,
    (0.5, 0.1): 0.511,
}
for (a, b), nats in table.items():
    verify(f"KL(coin {a} ‖ coin {b}), nats", kl(coin(a), coin(b)), nats, atol=5e-4)
detour = kl(coin(0.5), coin(0.25)) + kl(coin(0.25), coin(0.1))
verify(
    "KL breaks the triangle inequality: direct way minus detour by coin 0.25, nats",
    kl(coin(0.5), coin(0.1)) - detour,
    0.511 - 0.144 - 0.092,
    atol=1e-3,
)
verify(
    "coins 0.1 and 0.9: difference of entropies",
    entropy(coin(0.1)) - entropy(coin(0.9)),
    0.0,
    atol=1e-12,
)
verify("coins 0.1 and 0.9: KL is 0.8 log 9", kl(coin(0.1), coin(0.9)), 0.8 * np.log(9))
draws = rng.choice(6, size=100_000, p=p[1])
verify_within_se(
    "KL as the mean of log p/q over draws from p",
    np.log(p[1] / q[1])[draws],
    stats.entropy(p[1], q[1]),
    sigmas=3,
)

# %% [markdown]
r"""
### Which way round?

The asymmetry decides what a poor model does. Fit one Gaussian $q$ to a mixture $p$ with two humps. *Forward*, $KL(p\,\|\,q)$, fines $q$ for every place where $p$ is and $q$ is not: it covers both humps. (It is minimised by $p$'s own mean and variance.) *Reverse*, $KL(q\,\|\,p)$, fines $q$ for being where $p$ is not: it picks a hump.
"""

# %%
x = np.linspace(-10, 10, 2001)
two_humps = 0.6 * stats.norm.pdf(x, -2, 0.6) + 0.4 * stats.norm.pdf(x, 2, 0.6)


def fit_by(objective, start):
    best = optimize.minimize(
        lambda s: objective(stats.norm.pdf(x, s[0], np.exp(s[1]))),
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-11},
    )
    return best.x[0], np.exp(best.x[1]), best.fun


def integral(f):
    return np.sum(f) * 0.01


forward = fit_by(
    lambda q: integral(special.rel_entr(two_humps, q + 1e-300)), [0.0, 0.0]
)
reverse = fit_by(lambda q: integral(special.rel_entr(q, two_humps)), [-1.0, 0.0])
mean = 0.6 * -2 + 0.4 * 2
verify(
    "forward KL: mean and variance of the fit are those of the mixture",
    [forward[0], forward[1] ** 2],
    [mean, 0.36 + 4 - mean**2],
    rtol=1e-4,
)
verify(
    "reverse KL: mean, deviation and price of the fit: the larger hump, −log 0.6",
    np.array(reverse),
    [-2, 0.6, -np.log(0.6)],
    atol=0.01,
)

# %% mystnb={"image": {"alt": "A density with two humps; the forward fit is one wide bell covering both, the reverse fit a narrow bell on the larger hump."}} tags=["hide-input"]
plt.fill_between(x, two_humps, color=plot.SKY, alpha=0.5, label="two humps, $p$")
plt.plot(x, stats.norm.pdf(x, *forward[:2]), color=plot.BLUE, label="forward: covers")
plt.plot(x, stats.norm.pdf(x, *reverse[:2]), color=plot.RED, label="reverse: picks")
plt.xlim(-6, 6)
plt.xlabel("$x$")
plt.ylabel("density")
plt.legend()
plt.show()

# %% [markdown]
r"""
(gaussian-kl-closed-form)=
**Between Gaussians** the mean of the log-ratio can be taken exactly. With $\mathbb E_1[(x-\mu_2)^\top\Sigma_2^{-1}(x-\mu_2)]=\operatorname{tr}\Sigma_2^{-1}\Sigma_1+(\mu_2-\mu_1)^\top\Sigma_2^{-1}(\mu_2-\mu_1)$, and the same with 1 in place of 2, which is $k$,

$$
KL=\tfrac12\Bigl[\operatorname{tr}\Sigma_2^{-1}\Sigma_1+(\mu_2-\mu_1)^\top\Sigma_2^{-1}(\mu_2-\mu_1)-k+\log\frac{\det\Sigma_2}{\det\Sigma_1}\Bigr].
$$ (eq-pr-gaussian-kl)

Against a standard normal, with independent coordinates, it becomes the term that holds a variational autoencoder's code near the origin:

$$
KL\bigl(\mathcal N(\mu,\operatorname{diag}\sigma^2)\,\|\,\mathcal N(0,I)\bigr)=\tfrac12\sum_j\bigl(\mu_j^2+\sigma_j^2-1-\log\sigma_j^2\bigr).
$$ (eq-pr-vae-kl)

Its gradient is $\mu$ in the mean and $\frac12(\sigma^2-1)$ in the log-variance: a spring to $0$ and a spring to $1$.
"""


# %%
def gaussian_kl(mu1, S1, mu2, S2):
    d, inv = mu2 - mu1, np.linalg.inv(S2)
    return 0.5 * (
        np.trace(inv @ S1)
        + d @ inv @ d
        - len(d)
        + np.log(np.linalg.det(S2) / np.linalg.det(S1))
    )


def kl_to_standard(mu, log_var):
    return 0.5 * np.sum(mu**2 + np.exp(log_var) - 1 - log_var)


rng = np.random.default_rng(25)
mu, log_var, C = rng.normal(size=4), rng.normal(size=4), rng.normal(size=(4, 4))
S2 = C @ C.T + np.eye(4)
draws = mu4 + rng.normal(size=(200_000, 4)) @ np.linalg.cholesky(Sigma4).T
log_ratio = log_density(draws, mu4, Sigma4) - log_density(draws, mu, S2)
verify_within_se(
    "Gaussians in 4 dimensions: KL formula, by simulation",
    log_ratio,
    gaussian_kl(mu4, Sigma4, mu, S2),
    sigmas=3,
)
verify(
    "Gaussians: the special formula is the general one",
    kl_to_standard(mu, log_var),
    gaussian_kl(mu, np.diag(np.exp(log_var)), np.zeros(4), np.eye(4)),
    atol=1e-12,
)
ratio = lambda x: (
    stats.norm.pdf(x, 1, 0.5) * (stats.norm.logpdf(x, 1, 0.5) - stats.norm.logpdf(x))
)
verify(
    "N(1, 0.25) to N(0, 1): KL by quadrature",
    kl_to_standard(np.array([1.0]), np.log([0.25])),
    integrate.quad(ratio, -5, 7)[0],
    atol=1e-8,
)
verify(
    "KL from N(0, I) to itself",
    kl_to_standard(np.zeros(4), np.zeros(4)),
    0.0,
    atol=1e-12,
)
h = 1e-5 * np.eye(4)
slopes = [
    [
        (kl_to_standard(mu + e, log_var) - kl_to_standard(mu - e, log_var)) / 2e-5,
        (kl_to_standard(mu, log_var + e) - kl_to_standard(mu, log_var - e)) / 2e-5,
    ]
    for e in h
]
verify(
    "gradient of KL to N(0, I): μ in the mean, (σ² − 1)/2 in the log-variance",
    slopes,
    np.c_[mu, (np.exp(log_var) - 1) / 2],
    atol=1e-8,
)


# %% tags=["hide-input"]
def kl_landscape(mu, sigma):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    x = np.linspace(-4, 7, 300)
    one, two = stats.norm.pdf(x, mu, sigma), stats.norm.pdf(x)
    left.plot(x, two, color=plot.GREY)
    left.plot(x, one, color=plot.BLUE)
    left.set(ylim=(0, 1.1), xlabel="$x$", title="the two densities")
    loss = one * np.log(one / two)
    right.fill_between(x, loss, where=loss > 0, color=plot.RED, alpha=0.6)
    right.fill_between(x, loss, where=loss < 0, color=plot.BLUE, alpha=0.6)
    value = kl_to_standard(np.array([mu]), np.log([sigma**2]))
    right.set(
        ylim=(-0.45, 1.6), xlabel="$x$", title=f"$p\\,\\log(p/q)$, area {value:.3f}"
    )
    return fig


explore(
    kl_landscape,
    alt="Left a Gaussian and the standard normal, right p log p/q with its positive part in red and its negative part in blue; the total area is the divergence",
    mu=[1.0, 0.0, 2.0],
    sigma=[0.5, 1.0, 1.6],
)

# %% [markdown]
r"""
(pr-mutual-information)=
### What one variable tells about another

Code a pair $(X,Y)$ as if the two were independent, and the price is $KL\bigl(P(X,Y)\,\|\,P(X)P(Y)\bigr)$ too much. That is the *mutual information* used [above](#statistical-independence). Splitting the logarithm,

$$
I(X;Y)=H(X)+H(Y)-H(X,Y)=H(X)-H(X\mid Y):
$$ (eq-pr-mutual-information)

how much of the entropy of $X$ goes away when $Y$ is known, on average. It is at least 0, because KL is, symmetric, and blind to how the values are named. For Gaussians with correlation $\rho$ it is $-\frac12\log(1-\rho^2)$: at $\rho=0.8$ half a nat, and infinite at 1.
"""

# %%
given_y = sum(P[:, j].sum() * entropy(P[:, j] / P[:, j].sum()) for j in range(5))
verify(
    "mutual information of the first table: H(X) − H(X | Y)",
    stats.entropy(P.sum(1)) - given_y,
    mutual_information(P),
    atol=1e-12,
)
verify(
    "mutual information is a KL divergence",
    kl(P.ravel(), np.outer(P.sum(1), P.sum(0)).ravel()),
    mutual_information(P),
    atol=1e-12,
)
verify(
    "values of X renamed, X and Y exchanged: the same",
    mutual_information(P[[2, 0, 3, 1]].T),
    mutual_information(P),
    atol=1e-12,
)
S, plane = np.array([[1, 0.8], [0.8, 1]]), grid.astype(float)
joint = np.exp(log_density(plane, np.zeros(2), S))
apart = np.exp(log_density(plane, np.zeros(2), np.eye(2)))
verify(
    "Gaussians with correlation 0.8: mutual information −log(1 − ρ²)/2",
    np.sum(special.rel_entr(joint, apart)) * 0.05**2,
    -0.5 * np.log(1 - 0.8**2),
    atol=1e-8,
)

# %% [markdown]
r"""
(jensen-shannon-divergence)=
### A divergence that is symmetric and finite

Compare both laws with their average $m=\frac12(p+q)$:

$$
JS(p,q)=\tfrac12KL(p\,\|\,m)+\tfrac12KL(q\,\|\,m).
$$ (eq-pr-js)

The *Jensen–Shannon divergence* is symmetric, and since $m\ge\frac12p$ no term exceeds $\log2$: $0\le JS\le\log2$, with $\log2$ exactly when the laws have nothing in common. It is a mutual information: toss a fair coin, draw from $p$ or $q$ accordingly; $JS$ is what the draw tells about the coin, so at most one bit. Its square root is a metric {cite:p}`endres2003`.

:::{admonition} How large can it be?
:class: correction
**The notes say** that the Jensen–Shannon divergence ranges over $[0,\log n]$; elsewhere they define it as $KL(p\,\|\,m)+KL(q\,\|\,m)$.

**Right is:** for two laws the range is $[0,\log2]$, whatever the number of outcomes ($\log n$ belongs to $n$ laws), and the standard definition carries the halves.
:::
"""

# %%
from scipy.spatial.distance import jensenshannon


def js(p, q):
    m = (p + q) / 2
    return kl(p, m) / 2 + kl(q, m) / 2


rng = np.random.default_rng(26)
for K in (3, 10, 50):
    p, q, r = rng.dirichlet(np.full(K, 0.3), (3, 3500))
    verify(
        f"{K} outcomes: JS, against SciPy's root squared",
        js(p, q),
        jensenshannon(p, q, axis=1) ** 2,
        atol=1e-12,
    )
    verify_at_most(
        f"{K} outcomes: JS of 3500 pairs is at most log 2",
        js(p, q),
        np.log(2),
        atol=1e-12,
    )
    verify(f"{K} outcomes: JS is symmetric", js(p, q), js(q, p), atol=1e-12)
    verify_at_least(
        f"{K} outcomes: detour in the root of JS, against the direct way",
        js(p, q) ** 0.5 + js(q, r) ** 0.5,
        js(p, r) ** 0.5,
        atol=1e-12,
    )
    apart = np.zeros((2, 2 * K))
    apart[0, :K], apart[1, K:] = p[0], q[0]
    verify(f"{2 * K} outcomes, disjoint laws: JS is log 2", js(*apart), np.log(2))
verify(
    "JS without the root is no metric: (1, 0) to (0, 1) over (1/2, 1/2), nats",
    js(np.array([1, 0]), coin(0.5)) + js(coin(0.5), np.array([0, 1])),
    np.log(4 / 3) + np.log(2) - np.log(3) / 2,
)
p, q = rng.dirichlet(np.ones(4), 2)
verify(
    "JS is the mutual information of a fair coin and the draw",
    mutual_information(np.array([p, q]) / 2),
    js(p, q),
    atol=1e-12,
)

# %% [markdown]
r"""
One thing it does badly. Push two normals apart: once they no longer overlap, $JS$ stays at $\log2$ however far they are. A generator trained by it alone would feel no slope, whereas KL grows like $g^2/2$.
"""


# %%
def js_normals(g):
    halves = lambda x: stats.norm.pdf(x) / 2 + stats.norm.pdf(x - g) / 2
    one = lambda x, c: special.rel_entr(stats.norm.pdf(x - c), halves(x)) / 2
    return integrate.quad(
        lambda x: one(x, 0) + one(x, g), -12, g + 12, limit=200, points=[0, g / 2, g]
    )[0]


verify(
    "JS of N(0, 1) and N(g, 1) at g = 0, 1, 4, 10, 20",
    [js_normals(g) for g in (0, 1, 4, 10, 20)],
    [0, 0.1114, 0.6327, 0.69315, 0.69315],
    atol=5e-5,
)
verify(
    "JS of N(0, 1) and N(g, 1): slope at g = 10",
    (js_normals(10.5) - js_normals(9.5)),
    0.0,
    atol=1e-5,
)

# %% tags=["hide-input"]
gaps = np.linspace(0, 12, 61)
js_curve = [js_normals(g) for g in gaps[::3]]


def apart_by(g):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    x = np.linspace(-4, 16, 400)
    left.fill_between(x, stats.norm.pdf(x), color=plot.BLUE, alpha=0.5)
    left.fill_between(x, stats.norm.pdf(x - g), color=plot.RED, alpha=0.5)
    left.set(xlabel="$x$", ylabel="density")
    right.plot(gaps[::3], js_curve, color=plot.BLUE, label="JS")
    right.plot(gaps[gaps < 1.8], gaps[gaps < 1.8] ** 2 / 2, color=plot.GREY, label="KL")
    right.axhline(np.log(2), ls=":", color=plot.GREY)
    value = js_normals(g)
    right.plot(g, value, "o", color=plot.RED)
    right.set(ylim=(0, 1.05), xlabel="$g$", title=f"JS = {value:.4f}")
    right.legend(loc="lower right")
    return fig


explore(
    apart_by,
    alt="Left two normal densities at distance g, right their Jensen-Shannon divergence against g: it rises, bends over and stays at log 2, while KL leaves the picture",
    g=[1.0, 0.0, 2.0, 4.0, 6.0, 10.0],
)

# %% [markdown]
r"""
(maximum-likelihood-estimation)=
## Learning is coding

Data $x_1,\dots,x_n$, a family of laws $p_\theta$. Which $\theta$? The one under which the data were most probable; take logarithms and divide by $n$:

$$
\hat\theta=\arg\max_\theta\frac1n\sum_i\log p_\theta(x_i)=\arg\max_\theta\mathbb E_{x\sim\hat p}\bigl[\log p_\theta(x)\bigr],
$$ (eq-pr-mle)

with $\hat p$ the law of the data's frequencies. That mean is $-H(\hat p,p_\theta)=-H(\hat p)-KL(\hat p\,\|\,p_\theta)$. So three things are one: the most probable parameters, the nearest law in forward KL, and the shortest code for the data.

For Poisson counts, $\frac d{d\lambda}\bigl(\bar x\log\lambda-\lambda\bigr)=0$ gives $\hat\lambda=\bar x$, with standard error $\sqrt{\lambda/n}$.
"""

# %%
rng = np.random.default_rng(27)
counts = rng.poisson(3.0, 500)
likelihood = lambda lam: stats.poisson(lam).logpmf(counts).mean()
best = optimize.minimize_scalar(
    lambda lam: -likelihood(lam),
    bounds=(0.5, 10),
    method="bounded",
    options={"xatol": 1e-9},
).x
verify("Poisson counts: the likeliest rate is the mean", best, counts.mean(), atol=1e-6)
values, times = np.unique(counts, return_counts=True)
hist = times / 500
gap_to = lambda lam: (
    stats.entropy(hist, stats.poisson(lam).pmf(values))
    - np.log(stats.poisson(lam).pmf(values).sum())
)
nearest = optimize.minimize_scalar(
    gap_to, bounds=(0.5, 10), method="bounded", options={"xatol": 1e-9}
).x
verify(
    "Poisson counts: the rate of least KL from the histogram",
    nearest,
    counts.mean(),
    atol=1e-6,
)
verify(
    "log-likelihood, minus entropy of the histogram, minus KL: at any rate",
    [-stats.entropy(hist) - gap_to(lam) for lam in (2.0, 5.0)],
    [likelihood(2.0), likelihood(5.0)],
    rtol=1e-9,
)
sizes = np.array([20, 80, 320, 1280])
errors = [
    np.sqrt(np.mean((rng.poisson(3.0, (2000, n)).mean(1) - 3) ** 2)) for n in sizes
]
verify(
    "error of the rate for n = 20, 80, 320, 1280: √(λ/n)",
    errors,
    np.sqrt(3 / sizes),
    rtol=0.06,
)
verify(
    "log-log slope of that error",
    np.polyfit(np.log(sizes), np.log(errors), 1)[0],
    -0.5,
    atol=0.05,
)

# %% [markdown]
r"""
(bernoulli-log-likelihood)=
**Yes or no.** For labels $t_n\in\{0,1\}$ and predicted probabilities $\hat p_n$, the exponents in $\hat p_n^{t_n}(1-\hat p_n)^{1-t_n}$ choose the right factor, and the log-likelihood is

$$
\log\prod_n\hat p_n^{t_n}(1-\hat p_n)^{1-t_n}=\sum_nt_n\log\hat p_n+(1-t_n)\log(1-\hat p_n),
$$ (eq-pr-bernoulli)

minus [the loss of logistic regression](#binary-cross-entropy-loss). Always take the sum: the product of two thousand probabilities is smaller than the smallest float.
"""


# %%
def bernoulli_log_likelihood(t, p):
    return np.sum(t * np.log(p) + (1 - t) * np.log(1 - p))


rng = np.random.default_rng(28)
p_hat = rng.uniform(0.05, 0.95, 2000)
labels = (rng.random(2000) < p_hat).astype(int)
chances = np.where(labels == 1, p_hat, 1 - p_hat)
verify(
    "20 labels: logarithm of the product, and the sum",
    bernoulli_log_likelihood(labels[:20], p_hat[:20]),
    np.log(np.prod(chances[:20])),
    atol=1e-10,
)
verify(
    "2000 labels: the sum, against scikit-learn's log_loss",
    bernoulli_log_likelihood(labels, p_hat),
    -metrics.log_loss(labels, p_hat, normalize=False),
    rtol=1e-10,
)
verify("2000 labels: the product underflows to", np.prod(chances), 0.0)

# %% [markdown]
r"""
(gaussian-maximum-likelihood)=
**A Gaussian.** The log-likelihood is, up to a constant, $-\frac n2\log\det\Sigma-\frac12\sum_i(x_i-\mu)^\top\Sigma^{-1}(x_i-\mu)$. Its gradient in $\mu$ is $\Sigma^{-1}\sum_i(x_i-\mu)$. In the precision $\Lambda=\Sigma^{-1}$ it is $\frac n2\Lambda^{-1}-\frac12\sum_i(x_i-\mu)(x_i-\mu)^\top$, since $\nabla\log\det\Lambda=\Lambda^{-1}$. Both vanish at

$$
\hat\mu=\frac1n\sum_ix_i,\qquad \hat\Sigma=\frac1n\sum_i(x_i-\hat\mu)(x_i-\hat\mu)^\top .
$$ (eq-pr-gaussian-ml)

$\hat\mu$ lies nearer to the data than $\mu$ does, by its own variance $\frac1n\Sigma$, and so $\mathbb E\hat\Sigma=\Sigma-\frac1n\Sigma=\frac{n-1}n\Sigma$: biased downwards, which dividing by $n-1$ repairs.
"""

# %%
rng = np.random.default_rng(29)
X = rng.multivariate_normal(mu2, Sigma2, 200)  # (n, d)
mu_hat, Sigma_hat = X.mean(0), covariance_matrix(X)
fit_of = lambda mu, Sigma: log_density(X, mu, Sigma).mean()
moves = [(e, 0) for e in np.eye(2)] + [
    (0, np.array(E)) for E in ([[1, 0], [0, 0]], [[0, 1], [1, 0]], [[0, 0], [0, 1]])
]
slope = lambda mu, Sigma, e, E: (
    (fit_of(mu + 1e-5 * e, Sigma + 1e-5 * E) - fit_of(mu - 1e-5 * e, Sigma - 1e-5 * E))
    / 2e-5
)
verify(
    "Gaussian likelihood: slopes at the estimates, mean and covariance",
    [slope(mu_hat, Sigma_hat, e, E) for e, E in moves],
    np.zeros(5),
    atol=1e-8,
)
verify(
    "Gaussian likelihood: slopes in the mean at μ = 0, Σ⁻¹x̄",
    [slope(np.zeros(2), Sigma2, e, E) for e, E in moves[:2]],
    np.linalg.solve(Sigma2, mu_hat),
    atol=1e-8,
)
verify(
    "SciPy's fit of a Gaussian finds the same covariance",
    Sigma_hat,
    stats.multivariate_normal.fit(X)[1],
    atol=1e-10,
)
small = rng.normal(0, 3, (20_000, 5))
verify_within_se(
    "samples of five: mean of the estimated variance is 0.8 σ²", small.var(1), 0.8 * 9
)

# %% [markdown]
r"""
(log-derivative-trick)=
### A gradient through a random draw

Sometimes the law itself is what one adjusts: raise $\mathbb E_{x\sim p_\theta}[f(x)]$, where $f$ cannot be differentiated, a reward, say. Since $\nabla\log p=\nabla p/p$,

$$
\nabla_\theta p_\theta(x)=p_\theta(x)\,\nabla_\theta\log p_\theta(x),\qquad \nabla_\theta\,\mathbb E_{p_\theta}[f]=\int f\,\nabla_\theta p_\theta\,dx=\mathbb E_{p_\theta}\bigl[f(x)\,\nabla_\theta\log p_\theta(x)\bigr].
$$ (eq-pr-score)

With $f=1$ the left side is the derivative of 1: the *score* $\nabla_\theta\log p_\theta$ has mean zero. If $f$ can be differentiated, *reparametrise* instead, $x=\theta+\epsilon$, and differentiate under the mean. Both are right on average; compare their noise. For $f(z)=z^2$, $z\sim\mathcal N(\theta,1)$ at $\theta=1$ the score estimate is $(1+\epsilon)^2\epsilon$, with variance 30, the other $2(1+\epsilon)$, with variance 4. Since scores average to nothing, a constant may be subtracted from $f$; a good one lowers the noise.
"""

# %%
theta, eps = 1.0, np.random.default_rng(30).normal(size=1_000_000)
z = theta + eps
score = z - theta  # d/dθ of log N(z; θ, 1)
by_score, by_path = z**2 * score, 2 * z
nudged = [stats.norm.logpdf(z[:5], theta + h) for h in (1e-5, -1e-5)]
verify(
    "the score of a normal, by central differences",
    score[:5],
    (nudged[0] - nudged[1]) / 2e-5,
    atol=1e-8,
)
verify_within_se("the score has mean zero", score, 0.0)
verify_within_se("gradient of E[z²] by the score: 2θ", by_score, 2 * theta)
verify_within_se("gradient of E[z²] by reparametrisation: 2θ", by_path, 2 * theta)
verify(
    "variances of the score and the reparametrised gradient of E[z²]",
    [by_score.var(), by_path.var()],
    [30.0, 4.0],
    rtol=0.05,
)
verify_within_se(
    "a baseline of 2 subtracted from f leaves the mean as it was",
    (z**2 - 2) * score,
    2 * theta,
)
verify(
    "score gradient of E[z²]: a baseline of 2 lowers its variance from 30 to",
    ((z**2 - 2) * score).var(),
    18.0,
    rtol=0.05,
)

# %% [markdown]
r"""
(headline-code)=
## The headline: a code at the entropy

Huffman spends whole bits on symbols. An *arithmetic code* spends one number on the whole message. Start with the interval $[0,1)$. Each symbol cuts it into parts as long as the symbols are probable, and the message keeps the part of its own symbol. After $n$ symbols the interval has length

$$
w=\prod_ip(x_i),\qquad -\log_2w=\sum_i-\log_2p(x_i),
$$ (eq-pr-interval)

exactly the information in the message. Any binary fraction of $k=\lfloor-\log_2w\rfloor+2$ digits that starts inside, and whose every continuation stays inside, names it. Rounding costs at most 2 bits, once for the *whole message*. Take more tosses and watch the interval shrink; heads, the rare ones, shrink it most.
"""


# %% tags=["hide-input"]
def shrinking(tosses):
    message, low, width = "TTTHTTTT", 0.0, 1.0
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    for row in range(tosses + 1):
        ax.barh(row, width, left=low, color=plot.SKY, height=0.8)
        ax.barh(
            row, 0.11 * width, left=low + 0.89 * width, color=plot.ORANGE, height=0.8
        )
        if row < tosses:
            heads = message[row] == "H"
            low, width = low + 0.89 * width * heads, width * (0.11 if heads else 0.89)
    ax.set(
        xlim=(0, 1),
        ylim=(8.6, -0.6),
        xlabel="the interval; orange: heads next",
        ylabel="tosses",
        title=f"{message[:tosses]}: {-np.log2(width):.2f} bits",
    )
    ax.grid(False)
    return fig


explore(
    shrinking,
    alt="Nested bars: each toss keeps the large left part of the interval for tails, the small right part for heads",
    tosses=[1, 2, 3, 4, 5, 8],
)

# %% [markdown]
r"""
Python's integers have as many digits as one likes, so the whole code is exact and short. The interval is $[\ell,\ell+w)/\text{total}^n$, with probabilities as whole weights: 89 and 11 for our coin. The decoder looks in which part its number lies, and stretches that part to the full interval.
"""

# %%
from bisect import bisect_right
from itertools import accumulate


def encode(message, weights):
    """The bits of a message, whose symbol s has probability weights[s] / sum(weights)."""
    start = [0, *accumulate(weights)]
    low, width, total = 0, 1, start[-1]
    for s in message:
        low, width = low * total + width * start[s], width * weights[s]
    whole = total ** len(message)
    k = (2 * whole // width).bit_length()  # the smallest with 2ᵏ > 2 whole / width
    return format(-(-(low << k) // whole), f"0{k}b")  # low, rounded up to k digits


def decode(bits, n, weights):
    """The n symbols that encode turned into bits."""
    start = [0, *accumulate(weights)]
    N, D, message = int(bits, 2), 2 ** len(bits), []  # the number is N / D
    for _ in range(n):
        s = bisect_right(start, N * start[-1] // D) - 1
        N, D = N * start[-1] - start[s] * D, D * weights[s]
        message.append(s)
    return message


# %% [markdown]
r"""
Before it is let loose: does it come back, is no code the beginning of another, and is the promise of 2 bits kept? For messages of eight symbols from three weights we can try all 6561.
"""

# %%
weights = [5, 2, 1]
messages = [list(m) for m in product(range(3), repeat=8)]
codes = [encode(m, weights) for m in messages]
verify(
    "all 6561 messages of eight symbols come back",
    np.array([decode(c, 8, weights) for c in codes]),
    np.array(messages),
)
in_order = sorted(
    codes
)  # a beginning would stand right before one of its continuations
verify(
    "no code begins another",
    any(b.startswith(a) for a, b in zip(in_order, in_order[1:])),
    False,
)
told = np.array([-np.log2(np.array(weights)[m] / 8).sum() for m in messages])
excess = np.array([len(c) for c in codes]) - told
verify_at_most("bits of a code beyond the information in its message", excess, 2.0)
verify_at_least(
    "bits of a code beyond the information in its message, the fewest",
    excess,
    1.0,
    atol=1e-9,
)

# %% [markdown]
"""
Now three known sources: the bent coin, a loaded die, and the letters of the walrus. Each sends fifty messages of two to four thousand symbols, drawn independently.
"""

# %%
rng = np.random.default_rng(31)
sources = {
    "coin": ([89, 11], 4000),
    "die": ([1, 1, 1, 1, 2, 6], 2000),
    "letters": (letter_weights, 2000),
}
spent, limits = [], []
for name, (weights, n) in sources.items():
    law = np.array(weights) / sum(weights)
    messages = rng.choice(len(law), size=(50, n), p=law)
    codes = [encode(m, weights) for m in messages.tolist()]
    verify(
        f"{name}: a message of {n} symbols decoded",
        decode(codes[0], n, weights),
        messages[0].tolist(),
    )
    excess = [len(c) + np.log2(law[m]).sum() for c, m in zip(codes, messages)]
    verify_within_se(
        f"{name}: bits of a message beyond the information in it, on average",
        np.array(excess),
        1.5,
    )
    spent.append(sum(map(len, codes)) / (50 * n))
    limits.append(stats.entropy(law, base=2))

# %%
headline(
    "Bits a symbol of an arithmetic code for a bent coin, a loaded die and English letters, against the entropy of the source",
    np.array(spent),
    np.array(limits),
    rtol=0.01,
    unit="bits",
)

# %% [markdown]
r"""
The bent coin takes half a bit a toss, as counted on the first page. What if the coder believes in another coin? By the [last section](#cross-entropy) it pays the cross-entropy, $KL$ too much.
"""

# %%
flips = (rng.random((50, 4000)) < 0.11).astype(int).tolist()
for believed in ([70, 30], [50, 50], [97, 3]):
    q = np.array(believed) / 100
    lengths = np.array([len(encode(m, believed)) for m in flips]) / 4000
    if believed == [50, 50]:
        verify(
            "coder that believes in a fair coin: bits a toss",
            lengths,
            np.full(50, 1 + 1 / 4000),
            atol=1 / 4000,
        )
    else:
        verify_within_se(
            f"coder that believes in {believed[1]} % heads: entropy + KL",
            lengths,
            half + stats.entropy([0.89, 0.11], q, base=2),
        )

# %% [markdown]
r"""
Nothing in the coder asks that the weights stay the same from symbol to symbol: let a model give $P(x_t\mid x_1,\dots,x_{t-1})$ at each step, and by [the chain rule](#eq-pr-chain) the bits add up to $-\log_2P(x_1,\dots,x_n)$. Every language model is a compressor, and its test loss, over $\log2$, the size of the file. [Transformers](#headline-entropy-rate) are measured against just this limit.
"""

# %% [markdown]
r"""
(pr-practice)=
## In practice

The formulas of this chapter live in `scipy.stats` and `scipy.special`. Mind three things: `stats.entropy(p, q)` is $KL(p\,\|\,q)$, and it rescales its arguments to sum 1 without a word; `jensenshannon` returns the *root*; both take `base=2`. PyTorch's `kl_div(input, target)` has its arguments the other way round, wants the first as a logarithm, and means $KL(\text{target}\,\|\,\exp\text{input})$.
"""

# %%
p, q = np.array([0.7, 0.2, 0.1]), np.array([0.3, 0.3, 0.4])
verify(
    "stats.entropy(p, q) is KL(p‖q), in nats and in bits",
    [stats.entropy(p, q), stats.entropy(p, q, base=2)],
    [kl(p, q), kl(p, q) / np.log(2)],
    rtol=1e-12,
)
verify(
    "stats.entropy rescales its arguments: counts will do",
    stats.entropy(10 * p, 7 * q),
    kl(p, q),
    rtol=1e-12,
)
verify(
    "special.rel_entr holds the terms of the sum",
    special.rel_entr(p, q).sum(),
    kl(p, q),
    rtol=1e-12,
)
verify(
    "jensenshannon(p, q) squared, base 2",
    jensenshannon(p, q, base=2) ** 2,
    js(p, q) / np.log(2),
    rtol=1e-12,
)

# %% [markdown]
r"""
Work with logarithms of probabilities and add them in the log domain: $\log\sum_ie^{a_i}=m+\log\sum_ie^{a_i-m}$ with $m=\max a_i$. A posterior over a thousand coins after four thousand tosses, whose likelihoods are all zero in floating point:
"""


# %%
def log_sum_exp(a):
    top = np.max(a)
    return top + np.log(np.sum(np.exp(a - top)))


bends = (np.arange(1000) + 0.5) / 1000
log_joint = 440 * np.log(bends) + 3560 * np.log(1 - bends) - np.log(1000)
verify(
    "4000 tosses: the largest of 1000 likelihoods, as a float",
    np.exp(log_joint).max(),
    0.0,
)
verify(
    "logarithm of the evidence, against SciPy and the beta integral",
    [log_sum_exp(log_joint)] * 2,
    [special.logsumexp(log_joint), special.betaln(441, 3561)],
    rtol=1e-9,
)
belief = np.exp(log_joint - log_sum_exp(log_joint))
verify(
    "440 heads of 4000, uniform prior: posterior mean (h + 1)/(n + 2)",
    belief @ bends,
    441 / 4002,
    rtol=1e-6,
)

# %% [markdown]
"""
And the compressors on every computer? They do not know the source and have to learn it. On a hundred thousand tosses, eight to a byte, none gets as close as the code that knows, and none below the entropy.
"""

# %%
import bz2
import lzma
import zlib

tosses = (np.random.default_rng(32).random(100_000) < 0.11).astype(np.uint8)
packed = np.packbits(tosses).tobytes()
ours = sum(len(encode(m, [89, 11])) for m in tosses.reshape(25, 4000).tolist()) / 1e5
verify(
    "the code above on 100,000 tosses: bits a toss over the information in them",
    ours * 1e5 / -np.log2(np.where(tosses == 1, 0.11, 0.89)).sum(),
    1.0,
    atol=1e-3,
)
for tool in (zlib, bz2, lzma):
    bits = 8 * len(tool.compress(packed)) / 1e5
    verify_at_least(
        f"{tool.__name__}: bits a toss, over those of the code above", bits / ours, 1.04
    )
    verify_at_most(f"{tool.__name__}: bits a toss, below one", bits, 1.0)

# %% [markdown]
r"""
## Beware

**Some averages never settle.** [The weak law](#chebyshev-inequality) needs a mean. The Cauchy law has none: its tails fall like $1/x^2$, and the average of a thousand draws is spread exactly like one draw.
"""

# %%
cauchy = np.random.default_rng(33).standard_cauchy((20_000, 100))
normal = np.random.default_rng(34).normal(size=(20_000, 100))
spread = lambda data: np.subtract(*np.quantile(data, [0.75, 0.25]))
verify(
    "Cauchy: middle half of the averages of 100 draws, its width",
    spread(cauchy.mean(1)),
    2.0,
    rtol=0.05,
)
verify(
    "normal: middle half of the averages of 100 draws, its width",
    spread(normal.mean(1)),
    2 * stats.norm.ppf(0.75) / 10,
    rtol=0.05,
)

# %% [markdown]
r"""
**Entropy estimated from few data is too low.** Put frequencies in place of probabilities, and the estimate has mean $H-\frac{K-1}{2n}+\dots$ nats: the frequencies fit the sample better than the truth does. Mutual information estimated so is too high, by about $\frac{(K_x-1)(K_y-1)}{2n}$, and independent variables look dependent.
"""

# %%
rng, n = np.random.default_rng(35), 200
samples = rng.multinomial(n, np.ones(8) / 8, 5000) / n
verify(
    "eight symbols, n = 200: mean of estimated entropy minus the true one",
    np.mean(entropy(samples)) - np.log(8),
    -7 / 400,
    rtol=0.05,
)
tables = rng.multinomial(n, np.ones(16) / 16, 3000).reshape(-1, 4, 4) / n
verify(
    "independent X and Y, four values each, n = 200: mean estimated information",
    np.mean([mutual_information(T) for T in tables]),
    9 / 400,
    rtol=0.08,
)

# %% [markdown]
r"""
**Densities are not probabilities.** They may exceed 1, and a log-likelihood may be positive. In other units the differential entropy moves by the logarithm of the unit; divergences and mutual information do not move.
"""

# %%
verify(
    "density of a normal with σ = 0.1 at its mean",
    stats.norm(0, 0.1).pdf(0),
    3.989,
    atol=1e-3,
)
metres, feet = [
    [stats.norm(unit * m, unit * s) for m, s in ((1, 2), (0, 3))]
    for unit in (1, 3.2808)
]
verify(
    "metres to feet: the differential entropy moves by log 3.2808",
    feet[0].entropy() - metres[0].entropy(),
    np.log(3.2808),
)
divergences = [
    gaussian_kl(
        np.array([a.mean()]),
        np.array([[a.var()]]),
        np.array([b.mean()]),
        np.array([[b.var()]]),
    )
    for a, b in (metres, feet)
]
verify("metres to feet: KL stays", divergences[1], divergences[0])

# %% [markdown]
"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""


# %% tags=["remove-cell"] jupyter={"source_hidden": true}
@exercise.define("pr-false-alarms")
def _(answer):
    sick, _ = posterior(np.array([0.01, 0.99]), np.array([0.95, 1 - answer]))
    assert abs(sick - 0.5) < 1e-9, f"with your specificity the posterior is {sick:.4f}"


@exercise.define("pr-enough")
def _(answer):
    variance = lambda n: 0.2 + 0.8 / n
    assert answer == int(answer), "a whole number of models"
    assert variance(answer) <= 0.22 + 1e-12, (
        "the variance is still more than 10 % above the floor"
    )
    assert variance(answer - 1) > 0.22 + 1e-12, "fewer will do"


@exercise.define("pr-squared")
def _(answer):
    y = np.linspace(0.1, 5, 30)
    assert np.shape(answer(y)) == (30,), "it should work on arrays"
    assert np.allclose(answer(y), stats.chi2(1).pdf(y), rtol=1e-6), (
        "differentiate P(−√y ≤ X ≤ √y) in y; both ends count"
    )


@exercise.define("pr-geometric")
def _(answer):
    k = np.arange(1, 2000)
    for p, t in ((0.3, 0.1), (0.3, -0.5), (0.8, 1.0)):
        truth = np.sum(np.exp(t * k + np.log(p) + (k - 1) * np.log(1 - p)))
        assert abs(answer(p, t) - truth) < 1e-8 * truth, (
            f"at p = {p}, t = {t} the sum is {truth:.5f}, yours {answer(p, t):.5f}"
        )


@exercise.define("pr-only-the-sum")
def _(answer):
    A = np.array([[1, 1], [1, 0]])
    for z in (0.0, 3.0):
        (mean,), ((var,),) = condition(np.zeros(2), A @ A.T, np.array([z]))
        assert np.isclose(answer(z)[0], mean), f"for z = {z:g} the mean is not that"
        assert np.isclose(answer(z)[1], var), f"for z = {z:g} the variance is not that"


@exercise.define("pr-four-words")
def _(answer):
    law = np.array([0.4, 0.3, 0.2, 0.1])
    assert len(answer) == 4 and all(set(word) <= {"0", "1"} for word in answer), (
        "four strings of zeros and ones"
    )
    assert not any(
        i != j and answer[j].startswith(answer[i]) for i in range(4) for j in range(4)
    ), "one of your words begins another"
    assert mean_length(law, answer) < mean_length(law, huffman(law)) + 1e-9, (
        f"{mean_length(law, answer):.2f} bits a symbol; less is possible"
    )


@exercise.define("pr-poisson-kl")
def _(answer):
    k = np.arange(150)
    for a, b in ((2.0, 3.0), (5.0, 1.0), (4.0, 4.0)):
        truth = stats.poisson(a).pmf(k) @ (
            stats.poisson(a).logpmf(k) - stats.poisson(b).logpmf(k)
        )
        assert abs(answer(a, b) - truth) < 1e-8, (
            f"from rate {a:g} to rate {b:g} the sum gives {truth:.4f}"
        )


@exercise.define("pr-uniform")
def _(answer):
    for seed in range(3):
        x = np.random.default_rng(seed).uniform(0, 2 + seed, 30)
        likelihood = lambda theta: theta**-30.0 * (x.max() <= theta)
        best = likelihood(answer(x))
        assert best > 0, "under your θ the data are impossible"
        assert best >= likelihood(0.999 * answer(x)), "a smaller θ makes them likelier"


@exercise.define("pr-three-questions")
def _(answer):
    assert abs(answer - np.log(3)) < 1e-9, (
        "write it as the information a draw gives about which of the three laws it came from"
    )


@exercise.define("pr-adaptive")
def _(answer):
    rng = np.random.default_rng(1)
    for n, p in ((1, 0.5), (50, 0.9), (400, 0.11)):
        x = (rng.random(n) < p).astype(int)
        truth = log2(n + 1) + log2(comb(n, int(x.sum())))
        assert abs(answer(x) - truth) < 1e-6, (
            f"for {x.sum()} heads of {n} it should take {truth:.3f} bits"
        )


# %% [markdown]
r"""
:::{exercise} False alarms
:label: ex-pr-false-alarms
One in a hundred is sick, and the test finds 95 % of them. Which specificity makes a positive result mean *one in two*?
:::
"""

# %%
false_alarms = ...  # a number

exercise("pr-false-alarms").check(false_alarms)

# %% [markdown]
r"""
<details><summary>Solution</summary>

In odds: $\frac{0.01}{0.99}\cdot\frac{0.95}{1-s}=1$.

```python
false_alarms = 1 - 0.95 * 0.01 / 0.99
```

</details>

:::{exercise} Enough models
:label: ex-pr-enough
The errors of your networks have correlation $0.2$. How many must be averaged until the variance is within ten per cent of [its floor](#eq-pr-floor)?
:::
"""

# %%
enough = ...  # a whole number

exercise("pr-enough").check(enough)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac{1-\rho}n\le0.1\rho$, so $n\ge\frac{0.8}{0.02}=40$.

```python
enough = 40
```

</details>

:::{exercise} A squared normal
:label: ex-pr-squared
$X\sim\mathcal N(0,1)$. Write the density of $Y=X^2$ for $y>0$.
:::
"""

# %%
squared = ...  # a function of an array y

exercise("pr-squared").check(squared)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$F_Y(y)=\Phi(\sqrt y)-\Phi(-\sqrt y)$, whose slope is $2\phi(\sqrt y)\cdot\frac1{2\sqrt y}$.

```python
squared = lambda y: np.exp(-y / 2) / np.sqrt(2 * np.pi * y)
```

</details>

:::{exercise} Waiting for heads
:label: ex-pr-geometric
$X$ is the number of tosses up to the first heads: $P(X=k)=p(1-p)^{k-1}$, $k\ge1$. Find its moment generating function.
:::
"""

# %%
geometric = ...  # a function of p and t

exercise("pr-geometric").check(geometric)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A geometric series in $(1-p)e^t$.

```python
geometric = lambda p, t: p * np.exp(t) / (1 - (1 - p) * np.exp(t))
```

</details>

:::{exercise} Only the sum
:label: ex-pr-only-the-sum
$X_1,X_2$ are independent standard normals, and you are told that $X_1+X_2=z$. What are the mean and the variance of $X_1$ now?
:::
"""

# %%
only_the_sum = ...  # a function of z that returns (mean, variance)

exercise("pr-only-the-sum").check(only_the_sum)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\Sigma_{11}=\operatorname{Var}[X_1+X_2]=2$, $\Sigma_{21}=1$, $\Sigma_{22}=1$; put them into [the formula](#eq-pr-conditional-gaussian).

```python
only_the_sum = lambda z: (z / 2, 1 / 2)
```

</details>

:::{exercise} Four words
:label: ex-pr-four-words
Find, by hand, the best code for four symbols with probabilities $0.4,0.3,0.2,0.1$.
:::
"""

# %%
four_words = ...  # a list of four strings

exercise("pr-four-words").check(four_words)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Join $0.2$ and $0.1$, then $0.3$ and $0.3$, then the rest: $1.9$ bits, against an entropy of $1.846$.

```python
four_words = ["0", "10", "110", "111"]
```

</details>

:::{exercise} Two rates
:label: ex-pr-poisson-kl
Give $KL(\text{Poisson}(a)\,\|\,\text{Poisson}(b))$ in closed form.
:::
"""

# %%
poisson_kl = ...  # a function of a and b

exercise("pr-poisson-kl").check(poisson_kl)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The log-ratio is $k\log\frac ab-a+b$; only the mean of $k$ is needed.

```python
poisson_kl = lambda a, b: a * np.log(a / b) - a + b
```

</details>

:::{exercise} A hard edge
:label: ex-pr-uniform
$x_1,\dots,x_n$ are uniform on $[0,\theta]$. What is the maximum-likelihood estimate of $\theta$? (Setting a derivative to zero will not find it.)
:::
"""

# %%
uniform_mle = ...  # a function of an array x

exercise("pr-uniform").check(uniform_mle)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The likelihood is $\theta^{-n}$ for $\theta\ge\max x_i$ and $0$ below: as small as the data allow.

```python
uniform_mle = lambda x: np.max(x)
```

</details>

:::{exercise} Three laws
:label: ex-pr-three-questions
For three laws with average $m=\frac13(p+q+r)$ let $JS_3=\frac13\bigl(KL(p\,\|\,m)+KL(q\,\|\,m)+KL(r\,\|\,m)\bigr)$. How large can it become, in nats?
:::
"""

# %%
three_laws = ...  # a number

exercise("pr-three-questions").check(three_laws)

# %% [markdown]
r"""
<details><summary>Solution</summary>

It is what a draw tells about which of three equally likely laws it came from: at most the entropy of a fair three-way choice, reached when the supports are disjoint. This is where the $\log n$ belongs.

```python
three_laws = np.log(3)
```

</details>

:::{exercise} Project: a coder that learns
:label: ex-pr-adaptive
A coder need not know the coin. Before toss $t+1$ let it believe in heads with probability $\frac{h_t+1}{t+2}$, where $h_t$ heads came in the first $t$ tosses (Laplace's rule). Write the number of bits that this belief costs on a sequence of zeros and ones, 1 for heads. Then: show that it is $\log_2(n+1)+\log_2\binom nh$, compare it with $nH$ for the 11 % coin, and put the changing weights into `encode` and `decode`.
:::
"""

# %%
adaptive = ...  # a function of an array x of zeros and ones

exercise("pr-adaptive").check(adaptive)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The product of the beliefs is $\frac{h!\,(n-h)!}{(n+1)!}$, whatever the order. Not knowing the coin costs about $\frac12\log_2n$ bits in all.

```python
def adaptive(x):
    heads, bits = 0, 0.0
    for t, toss in enumerate(x):
        belief = (heads + 1) / (t + 2)
        bits -= log2(belief if toss else 1 - belief)
        heads += toss
    return bits
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| sum, product, chain rule | $P(x)=\sum_yP(x,y)$, $P(x,y)=P(y\mid x)P(x)$ | [sum](#eq-pr-sum), [chain](#eq-pr-chain) |
| Bayes | posterior $\propto$ likelihood $\times$ prior | [rule](#eq-pr-bayes) |
| variance of a sum | $a^\top\Sigma a$; of a mean, $\sigma^2(\rho+\frac{1-\rho}n)$ | [floor](#eq-pr-floor) |
| linear image | $\operatorname{Var}[AX]=A\Sigma A^\top$ | [rule](#eq-pr-transform) |
| Chebyshev | $P(\lvert X-\mu\rvert\ge\epsilon)\le\sigma^2/\epsilon^2$ | [bound](#eq-pr-chebyshev) |
| new unit, sum | $\frac1{\lvert\alpha\rvert}f_Y(z/\alpha)$; convolution | [unit](#eq-pr-scaled), [sum](#eq-pr-convolution) |
| moment generating function | $M_x(t)=\mathbb E[e^{t^\top x}]$; sums become products | [definition](#eq-pr-mgf), [table](#mgf-gamma) |
| conditioning a Gaussian | $u_2+\Sigma_{21}\Sigma_{11}^{-1}(z-u_1)$, $\Sigma_{22}-\Sigma_{21}\Sigma_{11}^{-1}\Sigma_{12}$ | [formula](#eq-pr-conditional-gaussian) |
| Jensen | $\varphi(\mathbb EX)\le\mathbb E\varphi(X)$ for convex $\varphi$ | [inequality](#eq-pr-jensen) |
| entropy | $-\sum p\log p$, the bits that no code can save | [definition](#eq-pr-entropy) |
| cross-entropy, KL | $H(p,q)=H(p)+KL(p\,\Vert\,q)$, $KL\ge0$ | [divergence](#eq-pr-kl) |
| mutual information | $H(X)-H(X\mid Y)=KL(\text{joint}\,\Vert\,\text{product})$ | [definition](#eq-pr-mutual-information) |
| Jensen–Shannon | between 0 and $\log2$ | [definition](#eq-pr-js) |
| maximum likelihood | least $KL(\hat p\,\Vert\,p_\theta)$: the shortest code for the data | [estimate](#eq-pr-mle) |
| score | $\nabla\mathbb E_{p_\theta}[f]=\mathbb E[f\,\nabla\log p_\theta]$ | [identity](#eq-pr-score) |

**Further reading.** {cite:t}`shannon1948` founded all of the second half in one paper and is a pleasure to read. {cite:t}`cover2006` is the textbook of information, {cite:t}`mackay2003` the one that joins it to inference and learning, with arithmetic codes in its sixth chapter. {cite:t}`deisenroth2020` has the probability that machine learning needs. The divergence is from {cite:t}`kullback1951`, the moments that do not determine a law from {cite:t}`heyde1963`, practical arithmetic coding from {cite:t}`witten1987`.
"""
