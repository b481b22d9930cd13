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

A bent coin falls heads with probability $0.11$. Write down ten thousand tosses as zeros and ones: ten thousand bits. How few bits would do?

Here is a way to count. There are $\binom{10000}{1100}$ sequences with exactly 1100 heads. Number them; a number below $N$ takes $\log_2N$ bits. On the right is the price of a toss, for every bend of the coin.
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
import bz2
import lzma
import math
import zlib
from bisect import bisect_right
from itertools import accumulate, product

import matplotlib.pyplot as plt
import numpy as np
from scipy import integrate, linalg, optimize, special, stats

from helpers import (
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


# %% tags=["remove-cell"]
@exercise.define("pr-own-cause")
def _(answer):
    P = np.asarray(answer, float)
    assert P.shape == (2, 2, 2), "a table with the axes (x, y, z), shape (2, 2, 2)"
    assert P.min() >= 0 and abs(P.sum() - 1) < 1e-9, "not a law: numbers ≥ 0 of sum 1"
    det = lambda T: T[0, 0] * T[1, 1] - T[0, 1] * T[1, 0]
    assert abs(det(P[:, :, 0])) < 1e-9 and abs(det(P[:, :, 1])) < 1e-9, (
        "given Z they are not independent: a slice is no outer product"
    )
    assert abs(det(P.sum(2))) > 1e-3, "without Z they are (nearly) independent too"
    return True


@exercise.define("pr-false-alarms")
def _(answer):
    sick, _ = posterior(np.array([0.01, 0.99]), np.array([0.95, 1 - answer]))
    assert abs(sick - 0.5) < 1e-9, f"with your specificity the posterior is {sick:.4f}"
    return True


@exercise.define("pr-enough")
def _(answer):
    variance = lambda n: 0.2 + 0.8 / n
    assert answer == int(answer), "a whole number of models"
    assert variance(answer) <= 0.22 + 1e-12, (
        "the variance is still more than 10 % above the floor"
    )
    assert variance(answer - 1) > 0.22 + 1e-12, "fewer will do"
    return True


@exercise.define("pr-test-set")
def _(answer):
    side = lambda n, a: math.exp(-n * stats.entropy([a, 1 - a], [0.93, 0.07]))
    for name, n, fails in (
        ("Hoeffding", answer[0], lambda n: 2 * math.exp(-2 * n * 0.01**2)),
        ("Chernoff", answer[1], lambda n: side(n, 0.94) + side(n, 0.92)),
    ):
        assert n == int(n), "two whole numbers of images"
        assert fails(n) <= 0.05, f"{name}'s bound is still {fails(n):.3f}"
        assert fails(n - 1) > 0.05, f"{name} asks for fewer"
    return True


@exercise.define("pr-two-bits")
def _(answer):
    p = np.asarray(answer, float)
    assert p.shape == (8,) and p.min() >= 0 and abs(p.sum() - 1) < 1e-9, "no such law"
    bits = stats.entropy(p, base=2)
    assert abs(bits - 2) < 1e-6, f"its entropy is {bits:.4f} bits"
    assert abs(np.sort(p)[-4:] - 0.25).max() > 1e-3, "that is a choice among four"
    return True


@exercise.define("pr-typical-length")
def _(answer):
    p = np.array([0.11, 0.89])
    I = -np.log2(p)
    var = p @ I**2 - (p @ I) ** 2
    bound = lambda n: var / (n * 0.05**2)
    assert answer == int(answer), "a whole number of tosses"
    assert bound(answer) <= 0.01, f"Chebyshev's bound is still {bound(answer):.4f}"
    assert bound(answer - 1) > 0.01, "fewer will do"
    return True


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
    return True


@exercise.define("pr-read-number")
def _(answer):
    low, width, truth = 0.0, 1.0, ""
    for _ in range(4):
        heads = low + 0.89 * width <= 0.95
        low, width = low + 0.89 * width * heads, width * (0.11 if heads else 0.89)
        truth += "H" if heads else "T"
    assert set(answer) <= {"H", "T"} and len(answer) == 4, "four letters, H or T"
    assert answer == truth, "is 0.95 in the left 89 % of the interval? Then stretch it"
    return True


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
    return True


@exercise.define("pr-only-the-sum")
def _(answer):
    A = np.array([[1, 1], [1, 0]])
    for z in (0.0, 3.0):
        (mean,), ((var,),) = condition(np.zeros(2), A @ A.T, np.array([z]))
        assert np.isclose(answer(z)[0], mean), f"for z = {z:g} the mean is not that"
        assert np.isclose(answer(z)[1], var), f"for z = {z:g} the variance is not that"
    return True


@exercise.define("pr-squared")
def _(answer):
    y = np.linspace(0.1, 5, 30)
    assert np.shape(answer(y)) == (30,), "it should work on arrays"
    assert np.allclose(answer(y), stats.chi2(1).pdf(y), rtol=1e-6), (
        "differentiate P(−√y ≤ X ≤ √y) in y; both ends count"
    )
    return True


@exercise.define("pr-geometric")
def _(answer):
    k = np.arange(1, 2000)
    for p, t in ((0.3, 0.1), (0.3, -0.5), (0.8, 1.0)):
        log_law = np.log(p) + (k - 1) * np.log(1 - p)
        truth, bits = np.exp(t * k + log_law).sum(), -np.exp(log_law) @ log_law
        M, H = answer(p, t)
        assert abs(M - truth) < 1e-8 * truth, (
            f"at p = {p}, t = {t} the sum is {truth:.5f}, yours {M:.5f}"
        )
        bits = bits / np.log(2)
        assert abs(H - bits) < 1e-8, (
            f"the transform is right; at p = {p} a mean surprise of {bits:.5f} bits"
        )
    return True


@exercise.define("pr-uniform")
def _(answer):
    for seed in range(3):
        x = np.random.default_rng(seed).uniform(0, 2 + seed, 30)
        likelihood = lambda theta: theta**-30.0 * (x.max() <= theta)
        best = likelihood(answer(x)[0])
        assert best > 0, "under your θ the data are impossible"
        assert best >= likelihood(0.999 * answer(x)[0]), "a smaller θ is likelier"
    for n in (2, 5):
        many = 3 * np.random.default_rng(n).random((20_000, n))
        mean = np.mean([answer(x)[1] for x in many])
        assert abs(mean / 3 - 1) < 0.02, f"{n} points, θ = 3: {mean:.3f} on average"
    return True


@exercise.define("pr-three-questions")
def _(answer):
    assert abs(answer - np.log(3)) < 1e-9, (
        "write it as the information a draw gives about which of the three laws it came from"
    )
    return True


@exercise.define("pr-adaptive")
def _(answer):
    rng = np.random.default_rng(1)
    for n, p in ((1, 0.5), (50, 0.9), (400, 0.11)):
        x = (rng.random(n) < p).astype(int)
        truth = math.log2(n + 1) + math.log2(math.comb(n, int(x.sum())))
        assert abs(answer(x) - truth) < 1e-6, (
            f"for {x.sum()} heads of {n} it should take {truth:.3f} bits"
        )
    return True


# %% tags=["picture"] mystnb={"image": {"alt": "Left, ten thousand tosses of the bent coin as a square of 100 by 100 dots, about one in nine dark. Right, bits a toss against the probability of heads: arches from 0 up to 1 at one half and back to 0; with 20, 100 and 10000 tosses they approach one curve, which passes 0.5 at 0.11."}}
def bits_by_counting(p, n):
    """Bits a toss to number the sequences of n tosses with exactly pn heads."""
    return math.log2(math.comb(n, round(p * n))) / n


opening_tosses = np.random.default_rng(0).random((100, 100)) < 0.11
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2), width_ratios=[4, 5])
left.imshow(opening_tosses, cmap="Greys", vmax=1.2)
left.set(title="ten thousand tosses", xticks=[], yticks=[])
left.grid(False)
bends = np.arange(21) / 20
for n, colour in ((20, plot.SKY), (100, plot.BLUE), (10_000, plot.RED)):
    counted = [bits_by_counting(p, n) for p in bends]
    right.plot(bends, counted, ".-", color=colour, label=f"{n:,} tosses")
right.plot(0.11, 0.5, "o", color=plot.PURPLE, ms=11, mfc="none", mew=2.5)
right.set(xlabel="probability of heads", ylabel="bits a toss")
right.legend(loc="lower center", fontsize=9)
plt.show()

# %% [markdown]
r"""
Half a bit a toss, it seems. But something is fishy. *Exactly* 1100 heads come up only once in about eighty times; what if there are 1093, or 1120? To store *whatever the coin does* there are $2^{10000}$ sequences to number: ten thousand bits again.

The half bit is right all the same: codes come as close to it as one likes, and none gets below it for long. The same count, made with a model's probabilities, is the *cross-entropy*, which most networks of this book are trained to lower. You will be able to

- **compute** with tables of probabilities, and turn a conditional around with Bayes' rule,
- **predict** how far an average strays, and how large a test set must be,
- **explain** why almost all that a source ever says is *typical*, and count it,
- **build** a code that reaches the entropy, and see why a training loss is the size of a file,
- **condition** a Gaussian on an observation.

It builds on sums, integrals, and [positive definite matrices](#positive-definite-matrix). Reading takes an hour and a quarter. Who came for the loss of networks may read [surprise](#self-information) and go straight to [the price of a wrong belief](#cross-entropy), on trust that a symbol of probability $p$ can be sent in $-\log_2p$ bits. A *random variable* $X$ is a number that chance decides, an *event* something that can happen or not, and the *law* (or distribution) of $X$ says how probable each of its values is: $P(X=x)$, or a density $f_X(x)$. Logarithms are natural, and information then comes in *nats*, unless bits are named: one nat is $1/\ln2\approx1.44$ bits.
"""

# %% tags=["checks"]
verify(
    "exactly 1100 heads in 10,000 tosses: once in about 80 times",
    1 / stats.binom(10_000, 0.11).pmf(1100),
    math.sqrt(2 * math.pi * 10_000 * 0.11 * 0.89),  # the normal density at its top
    rtol=1e-3,
)
verify("counting at 0.11: half a bit", bits_by_counting(0.11, 10_000), 0.5, atol=1e-3)

# %% [markdown]
r"""
(sum-rule)=
## One table answers all questions

A mail contains the word "free". Is it spam? Whatever a classifier or a language model says is a probability *given* something, and all such numbers come from one table. A hundred mails:

| word | spam | no spam | together |
|---|---|---|---|
| "free" | 15 | 5 | 20 |
| not | 5 | 75 | 80 |
| together | 20 | 80 | 100 |

Divided by 100 this is a *joint law*: numbers $P(X=x,Y=y)\ge0$ with sum 1. What is the law of $X$ alone? The events $\{X=x,Y=y\}$ for different $y$ exclude each other and together make up $\{X=x\}$, so their probabilities add. This is the *sum rule*, and the sums stand in the margin of the table:

$$
P(X=x)=\sum_yP(X=x,Y=y),\qquad f_X(x)=\int f_{X,Y}(x,y)\,dy .
$$ (eq-pr-sum)

(product-rule)=
Among the 20 mails with "free", 15 are spam. This is the *conditional* probability, $P(\text{spam}\mid\text{free})=\frac{15}{20}$:

$$
P(Y=y\mid X=x)=\frac{P(X=x,Y=y)}{P(X=x)},\qquad\text{so}\qquad P(X,Y)=P(Y\mid X)\,P(X).
$$ (eq-pr-product)

The second form is the *product rule*. Apply it to $(x_1,\dots,x_{T-1})$ and $x_T$, then to $(x_1,\dots,x_{T-2})$ and $x_{T-1}$, and so on. This gives the *chain rule of probability*,

$$
P(x_1,\dots,x_T)=\prod_{t=1}^TP(x_t\mid x_1,\dots,x_{t-1}).
$$ (eq-pr-chain)

It assumes nothing and holds in every order. It is also a recipe: to draw a whole sequence, draw one symbol at a time given those before. [Language models](#transformers-chapter) write that way.
"""


# %%
def draw_in_order(P, rng):
    """One value for each axis of the joint table P, given the values before it."""
    drawn = ()
    for _ in range(P.ndim):
        joint = P[drawn]  # what was drawn is fixed
        law = joint.sum(tuple(range(1, joint.ndim)))  # sum rule: the rest is open
        drawn += (rng.choice(len(law), p=law / law.sum()),)  # product rule
    return drawn


# %% tags=["checks"]
rng = np.random.default_rng(1)
P3, n = rng.dirichlet(np.ones(27)).reshape(3, 3, 3), 3000
misfits = []
for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
    counts, turned = np.zeros((3, 3, 3)), P3.transpose(order)
    for _ in range(n):
        counts[draw_in_order(turned, rng)] += 1
    misfits.append(((counts - n * turned) ** 2 / (n * turned)).sum())
verify_at_most(
    "triples drawn one variable at a time, three orders: χ² misfit to the joint table",
    misfits,
    stats.chi2(26).ppf(1 - 1e-4),
)
verify_at_least("and not better than chance", misfits, stats.chi2(26).ppf(1e-4))
mail = np.array([[15, 5], [5, 75]]) / 100
cells = rng.choice(4, size=100_000, p=mail.ravel())
verify_within_se(
    "a hundred thousand mails: share of spam among those with “free”",
    cells[cells < 2] == 0,
    15 / 20,
)

# %% [markdown]
r"""
(statistical-independence)=
**When one says nothing about the other.** $X$ and $Y$ are *independent* when knowing $X$ leaves the law of $Y$ as it was, $P(Y\mid X)=P(Y)$, that is

$$
P(X=x,Y=y)=P(X=x)\,P(Y=y)\quad\text{for all }x,y.
$$ (eq-pr-independent)

The table is then an outer product: [its rank is one](#matrix-rank). The mails are not: $0.15\ne0.2\cdot0.2$.

(conditional-independence)=
**Independent, given something.** $X\perp Y\mid Z$ means that every *slice* of the table is an outer product, $P(X,Y\mid Z)=P(X\mid Z)\,P(Y\mid Z)$. Neither kind of independence implies the other.

- *Common cause.* Ice cream and sunburn are independent given the weather, and strongly dependent without it.
- *Common effect.* Two fair coins are independent. Let $Z$ be whether they agree: given $Z$, one coin tells you the other. Selecting data by a common effect *makes* dependence: among admitted students talent and diligence look opposed, because those with neither are not there.
"""


# %%
def ranks(P):
    """Rank of the table of X and Y, and of its slices given Z. P has axes (x, y, z)."""
    rank = lambda T: int(np.linalg.matrix_rank(T, tol=1e-10))
    return rank(P.sum(2)), *(rank(P[:, :, z]) for z in range(P.shape[2]))


# %% tags=["checks"]
rng = np.random.default_rng(2)
x_given_z, y_given_z = rng.dirichlet(np.ones(3), (2, 2)).transpose(0, 2, 1)
cause = np.einsum("xz,yz,z->xyz", x_given_z, y_given_z, [0.4, 0.6])
effect = np.zeros((2, 2, 2))
for a, b in product((0, 1), (0, 1)):
    effect[a, b, a ^ b] = 1 / 4
verify("common cause: rank without Z, then given each Z", ranks(cause), (2, 1, 1))
verify("common effect: rank without Z, then given each Z", ranks(effect), (1, 2, 2))
talent, diligence = rng.normal(size=(2, 200_000))
admitted = talent + diligence > 1
a = 1 / math.sqrt(2)  # the sum over √2 is standard normal; beyond a it varies by
hazard = stats.norm.pdf(a) / stats.norm.sf(a)
left = 1 + a * hazard - hazard**2  # and the difference over √2 still by 1
verify(
    "independent talents, admitted if their sum exceeds 1: correlation among the admitted",
    np.corrcoef(talent[admitted], diligence[admitted])[0, 1],
    (left - 1) / (left + 1),
    atol=4 / math.sqrt(admitted.sum()),
)

# %% [markdown]
r"""
**Try it.** Make a table of three coins, `P[x, y, z]`, in which $X$ and $Y$ are independent given $Z$, but not without.
"""

# %% tags=["yours"]
own_cause = ...  # an array of shape (2, 2, 2)

exercise("pr-own-cause").check(own_cause)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Two bent coins, both bent the same way by $Z$.

```python
a, b = np.array([0.9, 0.1]), np.array([0.2, 0.8])
own_cause = np.stack([np.outer(a, a), np.outer(b, b)], axis=2) / 2
```

</details>
"""

# %% [markdown]
r"""
(bayes-rule)=
## Turning a conditional around

A model of cats says how probable the pixels are if it is a cat; one wants to know how probable a cat is, given the pixels. A disease has one person in a hundred. A test finds 95 % of the sick and gives a false alarm for 10 % of the healthy. Yours is positive. How worried should you be?

Count heads in a town of ten thousand: 100 are sick, 95 of them positive; 9,900 are healthy, 990 of them positive. Of 1,085 positive people 95 are sick, nine in a hundred. In letters: write [the product rule](#eq-pr-product) in both orders, $P(Y\mid X)P(X)=P(X\mid Y)P(Y)$, divide, and expand $P(X)$ by [the sum rule](#eq-pr-sum):

$$
\underbrace{P(Y\mid X)}_{\text{posterior}}=\frac{\overbrace{P(X\mid Y)}^{\text{likelihood}}\;\overbrace{P(Y)}^{\text{prior}}}{\underbrace{\sum_iP(X\mid Y_i)\,P(Y_i)}_{\text{evidence}}}
$$ (eq-pr-bayes)

$Y$ is the unknown cause, $X$ the datum.

:::{admonition} A common slip: "the test finds 95 %, so I am sick with 95 %"
That is $P(\text{positive}\mid\text{sick})$, the other conditional: its denominator is the 100 sick, yours the 1,085 positive.
:::
"""


# %%
def posterior(prior, likelihood):
    joint = likelihood * prior
    return joint / joint.sum()


# %% [markdown]
r"""
In *odds* the evidence cancels. Sick against healthy stands $1:99$; a positive test multiplies by $\frac{0.95}{0.10}=9.5$, to $9.5:99$; a second one makes it $90:99$, almost even. (This needs tests that are independent *given the state*. Taken over everybody the two results are not: both know who is sick.)

Move the three numbers. Where the disease is rare, the false alarms decide: 99 % sensitivity hardly moves the curve, one per cent of false alarms lifts it.
"""


# %% tags=["picture"]
def medical(prevalence, sensitivity, specificity):
    before = np.geomspace(1e-4, 0.6, 200)
    after = lambda p: sensitivity * p / (sensitivity * p + (1 - specificity) * (1 - p))
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
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

# %% tags=["checks"]
rng = np.random.default_rng(3)
sick = rng.random(500_000) < 0.01
first, second = rng.random((2, 500_000)) < np.where(sick, 0.95, 0.10)
prior, positive = np.array([0.01, 0.99]), np.array([0.95, 0.10])
once = posterior(prior, positive)
verify_within_se(
    "half a million patients: share of sick among the positive", sick[first], once[0]
)
verify_within_se(
    "share of sick among those positive twice",
    sick[first & second],
    posterior(once, positive)[0],
)
verify_at_least(
    "the second test is positive more often after a positive first: difference",
    second[first].mean() - second[~first].mean(),
    0.05,
)

# %% [markdown]
r"""
(beta-posterior)=
**A coin one does not know.** You have seen $h$ heads and $t$ tails. What is the bend $\theta$? Before, let every $\theta$ between 0 and 1 be equally probable. The likelihood of the tosses is $\theta^h(1-\theta)^t$, and the posterior density is proportional to that: the law $\mathrm{Beta}(h+1,t+1)$. Its norm needs no calculus. Throw a red ball and $h+t$ white ones on $[0,1]$; the red one lies at $\theta$. That exactly $h$ white ones lie to its left has probability $\binom{h+t}h\int_0^1\theta^h(1-\theta)^td\theta$. But the red ball is as likely to be first as second or last, so this is $\frac1{h+t+1}$, and the integral is $\frac{h!\,t!}{(h+t+1)!}$. With a prior $\mathrm{Beta}(a,b)\propto\theta^{a-1}(1-\theta)^{b-1}$ the exponents add (if $a,b$ are not whole, gamma functions replace the factorials):

$$
\mathrm{Beta}(a,b)\;\xrightarrow{\;h\text{ heads},\;t\text{ tails}\;}\;\mathrm{Beta}(a+h,\;b+t),\qquad \mathbb E[\theta]=\frac{a+h}{a+b+h+t}.
$$ (eq-pr-beta)

So today's posterior is tomorrow's prior, and a prior is worth $a+b$ unseen tosses. The mean is the quotient of two such integrals. From $a=b=1$ it is *Laplace's rule* $\frac{h+1}{n+2}$, $n=h+t$: after no toss $\frac12$, after one head in ten $\frac2{12}$, and never 0 or 1. Here it learns the opening's coin. (Its first thousand tosses were unlucky, 94 heads: the truth lies near the posterior's edge.)
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Posterior densities of the coin's bend after 0, 10, 100 and 1000 tosses: flat, a low hill, a narrow hill, a spike at the true bend 0.11."}}
fig, ax = plt.subplots(figsize=(6.8, 3.0))
bend = np.linspace(0, 0.6, 600)
for n, colour in zip((0, 10, 100, 1000), (plot.GREY, plot.SKY, plot.BLUE, plot.RED)):
    h = int(opening_tosses.ravel()[:n].sum())
    density = stats.beta(h + 1, n - h + 1).pdf(bend)
    ax.plot(bend, density, color=colour, label=f"{h} heads of {n}")
ax.axvline(0.11, ls=":", color="black")
ax.set(ylim=(0, 46), xlabel=r"bend $\theta$", ylabel="posterior density")
ax.legend()
plt.show()

# %% tags=["checks"]
rng = np.random.default_rng(4)
theta = rng.random(400_000)  # the prior
four = rng.binomial(30, theta) == 4
same = theta[four]  # those coins that gave 4 heads of 30
verify_within_se("random coins: how often 30 tosses give 4 heads", four, 1 / 31)
verify_within_se(
    "random coins, kept if they gave 4 heads of 30: how often the next toss is heads",
    rng.random(len(same)) < same,
    (4 + 1) / (30 + 2),
)
verify(
    "the bends of those coins: distance of their law to Beta(5, 27)",
    stats.kstest(same, stats.beta(5, 27).cdf).statistic,
    0.0,
    atol=1.95 / math.sqrt(len(same)),
)
verify(
    "Beta(3, 7), then 4 heads and 26 tails: the density at three bends",
    stats.beta(7, 33).pdf([0.1, 0.2, 0.4]),
    [
        stats.beta(3, 7).pdf(a)
        * stats.binom(30, a).pmf(4)
        / integrate.quad(
            lambda s: stats.beta(3, 7).pdf(s) * stats.binom(30, s).pmf(4), 0, 1
        )[0]
        for a in (0.1, 0.2, 0.4)
    ],
    rtol=1e-8,
)

# %% [markdown]
r"""
**Try it.** One in a hundred is sick, and the test finds 95 % of them. Which specificity (share of the healthy who are cleared) makes a positive result mean *one in two*?
"""

# %% tags=["yours"]
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
"""

# %% [markdown]
r"""
(expectation)=
## On average, and how far off

A loss is an average over examples, a gradient too. What is it an average *of*, and how far does it stray? The *expectation* weighs values by their probabilities,

$$
\mathbb E[X]=\int x\,f_X(x)\,dx,\qquad \mathbb E[g(X)]=\int g(x)\,f_X(x)\,dx ,
$$ (eq-pr-expectation)

with sums instead of integrals for discrete $X$. A die has $\mathbb E[X]=\frac{21}6=3.5$ and $\mathbb E[X^2]=\frac{91}6$. Since sums and integrals are linear, $\mathbb E[aX+bY]=a\,\mathbb E[X]+b\,\mathbb E[Y]$, *whatever* the dependence of $X$ and $Y$.

(iterated-expectation)=
**In two stages.** Roll a die, then toss as many coins as it shows. How many heads, on average? Given $Y=k$ coins, $\frac k2$, on average $\frac{3.5}2$. $\mathbb E[X\mid Y]$, the average of $X$ among the cases with that $Y$, is itself a random variable, and always

$$
\mathbb E\bigl[\mathbb E[X\mid Y]\bigr]=\sum_yP(y)\sum_xx\,P(x\mid y)=\sum_{x,y}x\,P(x,y)=\mathbb E[X].
$$ (eq-pr-iterated)

(variance)=
**How far off.** The *variance* averages the squared distance to the mean. Expand the square and use linearity:

$$
\operatorname{Var}[X]=\mathbb E\bigl[(X-\mathbb EX)^2\bigr]=\mathbb E[X^2]-2\,\mathbb E[X]\,\mathbb E[X]+\mathbb E[X]^2=\mathbb E[X^2]-\mathbb E[X]^2 .
$$ (eq-pr-variance)

A shift cancels and a scale comes out squared, $\operatorname{Var}[aX+b]=a^2\operatorname{Var}[X]$; the root is the *standard deviation*. The die has $\frac{91}6-\frac{49}4=\frac{35}{12}$. (On a computer use the first form; [Beware](#pr-beware) shows why.) In two stages, the variance splits. Write $m(Y)=\mathbb E[X\mid Y]$; given $Y$, $\mathbb E[X^2\mid Y]=\operatorname{Var}[X\mid Y]+m(Y)^2$. Take means and subtract $\mathbb E[X]^2=\mathbb E[m(Y)]^2$:

$$
\operatorname{Var}[X]=\mathbb E\bigl[\operatorname{Var}[X\mid Y]\bigr]+\operatorname{Var}\bigl[\mathbb E[X\mid Y]\bigr].
$$ (eq-pr-total-variance)

The noise within the groups, and the spread between them. For the heads, $\frac{3.5}4+\frac14\cdot\frac{35}{12}=\frac{77}{48}$.
"""


# %%
def mean_and_variance(values, p):
    mean = p @ values
    return mean, p @ (values - mean) ** 2


def in_two_stages(p_y, means, variances):
    """Mean and variance of X from those given Y, for every value of Y."""
    mean, between = mean_and_variance(means, p_y)
    return mean, p_y @ variances + between


# %% tags=["checks"]
rng = np.random.default_rng(5)
coins = rng.integers(1, 7, 400_000)
heads = rng.binomial(coins, 0.5)
mean, variance = in_two_stages(np.ones(6) / 6, np.arange(1, 7) / 2, np.arange(1, 7) / 4)
verify_within_se("a die's number of coins, heads on average", heads, mean)
verify_within_se("their variance", (heads - mean) ** 2, variance)
draws = rng.exponential(1 / 2, 400_000)
verify_within_se(
    "exponential(2), X and X² as dependent as can be: 3X − 2X² on average",
    3 * draws - 2 * draws**2,
    3 * integrate.quad(lambda x: x * 2 * np.exp(-2 * x), 0, np.inf)[0]
    - 2 * integrate.quad(lambda x: x**2 * 2 * np.exp(-2 * x), 0, np.inf)[0],
)

# %% [markdown]
r"""
(covariance)=
**Together.** Two variables vary together when the *covariance*

$$
\operatorname{Cov}(X,Y)=\mathbb E\bigl[(X-\mathbb EX)(Y-\mathbb EY)\bigr]=\mathbb E[XY]-\mathbb E[X]\,\mathbb E[Y]
$$ (eq-pr-covariance)

is positive. For independent variables $\mathbb E[XY]=\mathbb E[X]\,\mathbb E[Y]$, and it vanishes. The converse fails, for covariance sees straight lines only: with $X$ uniform on $[-1,1]$ and $Y=X^2$ it is $\mathbb E[X^3]=0$, yet $Y$ is a *function* of $X$. Divided by both standard deviations it is the *correlation*, [between −1 and 1](#cauchy-schwarz-for-expectations).

(variance-of-sum)=
**Sums.** Expand the square of $\sum_ia_i(X_i-\mathbb EX_i)$, take means:

$$
\operatorname{Var}\Bigl[\sum_ia_iX_i\Bigr]=\sum_ia_i^2\operatorname{Var}X_i+2\sum_{i<j}a_ia_j\operatorname{Cov}(X_i,X_j)=a^\top\Sigma a ,
$$ (eq-pr-sum-variance)

with $\Sigma_{ij}=\operatorname{Cov}(X_i,X_j)$. Average $n$ variables of variance $\sigma^2$ whose pairs all have correlation $\rho$: there are $n$ terms $\sigma^2/n^2$ and $n(n-1)$ terms $\rho\sigma^2/n^2$, so

$$
\operatorname{Var}\Bigl[\frac1n\sum_iX_i\Bigr]=\sigma^2\Bigl(\rho+\frac{1-\rho}n\Bigr).
$$ (eq-pr-floor)

Independent errors average away; shared ones do not. This floor $\rho\sigma^2$ is why [an ensemble](#ensemble) of networks trained on the same data soon stops improving. The dots are simulations; raise $\rho$ and watch the floor come up.
"""


# %% tags=["set-up"]
rng = np.random.default_rng(6)
shared, own = rng.normal(size=(5000, 1)), rng.normal(size=(5000, 100))


def correlated(rho):
    """5,000 rows of 100 variables of variance 1, every pair with correlation rho."""
    return np.sqrt(rho) * shared + np.sqrt(1 - rho) * own


# %% tags=["picture"]
def ensemble_floor(rho):
    n, some = np.arange(1, 101), [1, 2, 5, 10, 20, 50, 100]
    Z = correlated(rho)
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    ax.loglog(n, rho + (1 - rho) / n, color=plot.BLUE, label="formula")
    simulated = [Z[:, :k].mean(1).var() for k in some]
    ax.loglog(some, simulated, "o", color=plot.RED, label="simulated")
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

# %% tags=["checks"]
verify_within_se(
    "ρ = 0.3, variance of the mean of 20: ρ + (1 − ρ)/n",
    correlated(0.3)[:, :20].mean(1) ** 2,
    0.3 + 0.7 / 20,
)
a, sizes = np.array([2.0, -1.0, 0.5]), np.array([1.0, 2.0, 3.0])
Sigma = (0.3 + 0.7 * np.eye(3)) * np.outer(sizes, sizes)
verify_within_se(
    "variance of 2X₁ − X₂ + X₃/2, by simulation: aᵀΣa",
    (correlated(0.3)[:, :3] * sizes @ a) ** 2,
    a @ Sigma @ a,
)
u = np.random.default_rng(7).uniform(-1, 1, 200_000)
verify_within_se("covariance of X and X² on [−1, 1]", u * (u**2 - 1 / 3), 0.0)
verify_within_se("covariance of X² and X⁴ there", (u**2 - 1 / 3) * u**4, 1 / 7 - 1 / 15)

# %% [markdown]
r"""
**Try it.** The errors of your networks have correlation $0.2$. How many must be averaged until the variance is within ten per cent of [its floor](#eq-pr-floor)?
"""

# %% tags=["yours"]
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
"""

# %% [markdown]
r"""
(chebyshev-inequality)=
## Why averages settle

A network gets 93 % of a test set of a thousand images right. How good is it really? An accuracy is an average of zeros and ones, and averages settle. How fast?

(markov-inequality)=
**Markov.** Ten people own 100 coins together. How many can own 50 or more? Two. For $Z\ge0$ and $c>0$: $Z\ge c\cdot\mathbf 1[Z\ge c]$, so the means obey it too,

$$
P(Z\ge c)\le\frac{\mathbb E[Z]}c .
$$ (eq-pr-markov)

**Chebyshev.** Put $Z=(X-\mu)^2$ and $c=\epsilon^2$:

$$
P(|X-\mu|\ge\epsilon)\le\frac{\sigma^2}{\epsilon^2}.
$$ (eq-pr-chebyshev)

**The weak law of large numbers.** The mean of $n$ independent draws has variance $\sigma^2/n$ by [the rule for sums](#eq-pr-sum-variance), so for every $\epsilon>0$

$$
P\Bigl(\Bigl|\frac1n\sum_iX_i-\mu\Bigr|\ge\epsilon\Bigr)\le\frac{\sigma^2}{n\epsilon^2}\;\longrightarrow\;0 .
$$ (eq-pr-weak-law)

The typical distance is $\sigma/\sqrt n$, the *standard error*: four times the data for half of it.

(hoeffding-inequality)=
**Hoeffding.** If the draws are bounded, $0\le X_i\le1$, put $Z=e^{sS}$ into Markov, with $S=\sum_i(X_i-\mu)$ and $s>0$. The mean of a product of independent factors is the product of the means:

$$
P(S\ge n\epsilon)\le e^{-sn\epsilon}\,\mathbb E\bigl[e^{sS}\bigr]=e^{-sn\epsilon}\prod_i\mathbb E\bigl[e^{s(X_i-\mu)}\bigr].
$$

For a variable in an interval of length 1, $K(s)=\ln\mathbb E[e^{s(X-\mu)}]\le\frac{s^2}8$. (With $\mathbb E_s[g]=\mathbb E[g\,e^{sX}]/\mathbb E[e^{sX}]$, the mean under the law re-weighted by $e^{sX}$, $K'=\mathbb E_s[X]-\mu$ and $K''=\mathbb E_s[X^2]-\mathbb E_s[X]^2$. So $K(0)=K'(0)=0$, and $K''$ is a variance: the mean squared distance to the mean, no more than that to $\frac12$, which is at most $\frac14$. Integrate twice.) The exponent is then $-sn\epsilon+\frac{ns^2}8$, lowest at $s=4\epsilon$; and both sides count:

$$
P\Bigl(\Bigl|\frac1n\sum_iX_i-\mu\Bigr|\ge\epsilon\Bigr)\le2e^{-2n\epsilon^2}.
$$ (eq-pr-hoeffding)

*Hoeffding's inequality* {cite:p}`hoeffding1963` is where [learning theory](#learning-theory-chapter) starts.

**Chernoff.** For a coin no $\frac{s^2}8$ is needed. Each toss contributes $sa-\ln(1-\mu+\mu e^s)$ to the exponent, with $a=\mu+\epsilon$. The slope in $s$ vanishes at $e^s=\frac{a(1-\mu)}{(1-a)\mu}$, and out comes [the price of a wrong belief](#kl-divergence), as we shall see:

$$
P\Bigl(\frac1n\sum_iX_i\ge a\Bigr)\le e^{-n\,\mathrm{KL}(a\|\mu)},\qquad \mathrm{KL}(a\|\mu)=a\ln\frac a\mu+(1-a)\ln\frac{1-a}{1-\mu},
$$ (eq-pr-chernoff)

below the mean likewise with $a=\mu-\epsilon$. For the thousand images, *if* the truth is 93 %, at most five of a hundred test sets are off by 4.3 points or more (Hoeffding), 3.6 (Chebyshev), 2.2 (Chernoff); the exact figure is 1.7.

But the truth was the question; 93 % was measured. So keep every $\mu$ under which that would be no surprise, $\mathrm{KL}(0.93\|\mu)\le\frac{\ln40}{1000}$, that is, from 90.6 to 95.0 %. Whatever the truth is, Chernoff says of either side that it is missed in at most one of forty test sets, so limits found like this hold in at least 95 of a hundred: a *confidence interval*.

:::{admonition} A common slip: "the best of my networks has 95 %"
The bounds hold for a network that was fixed before it saw the test set. The best of a hundred that all get 93 % right, with independent errors, looks two points better than it is on a thousand images.
:::
"""


# %%
def chebyshev(n, eps, p):
    return p * (1 - p) / (n * eps**2)


def hoeffding(n, eps):
    return 2 * np.exp(-2 * n * eps**2)


def chernoff(n, eps, p):
    KL = lambda a: special.rel_entr(a, p) + special.rel_entr(1 - a, 1 - p)
    return np.exp(-n * KL(p + eps)) + np.exp(-n * KL(p - eps))


# %%
def strays(n, eps, p):
    """Exactly: P(|share of heads − p| ≥ eps) for n coins."""
    heads = np.arange(n + 1)
    return stats.binom(n, p).pmf(heads[abs(heads / n - p) >= eps - 1e-12]).sum()


# %% tags=["picture"] mystnb={"image": {"alt": "Probability, on a logarithmic axis, that a share of n coins is 0.05 or more off, against n. Left, fair coins: Chebyshev's bound falls slowly, Hoeffding's and Chernoff's along one straight line, the exact value below it with nearly the same slope. Right, coins of 0.93: Hoeffding's line is as before, Chernoff's and the exact value fall some three times as steeply."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1), sharey=True)
n = np.arange(50, 2001, 50)
for ax, p, name in zip(axes, (0.5, 0.93), ("fair coins", "coins of 0.93")):
    ax.semilogy(n, chebyshev(n, 0.05, p), color=plot.ORANGE, label="Chebyshev")
    ax.semilogy(n, hoeffding(n, 0.05), color=plot.BLUE, label="Hoeffding")
    ax.semilogy(n, chernoff(n, 0.05, p), "--", color=plot.PURPLE, label="Chernoff")
    truth = [strays(k, 0.05, p) for k in n]
    ax.semilogy(n, truth, color=plot.RED, label="exact")
    ax.set(ylim=(1e-10, 5), xlabel="coins, $n$", title=f"{name}: 0.05 or more off")
axes[0].set_ylabel("probability")
axes[0].legend(loc="lower left")
plt.show()

# %% [markdown]
r"""
For fair coins Hoeffding has nearly the slope of the truth (and lies up to some ten times above it). At 93 % he loses even to Chebyshev up to 830 coins (430 fair ones), because he knows nothing of the small variance. Chernoff's line has nearly the slope of the truth in both.
"""

# %% tags=["checks"]
k = 2.5
atoms, mass = np.array([-k, 0, k]), np.array([0.5 / k**2, 1 - 1 / k**2, 0.5 / k**2])
verify(
    "all mass at the mean or exactly 2.5 σ away: the tail equals Chebyshev's bound",
    mass[abs(atoms) >= k].sum(),
    mean_and_variance(atoms, mass)[1] / k**2,
    rtol=1e-12,
)
counts, bends_tried = (50, 200, 1000), (0.5, 0.93)
exact = np.array([[strays(n, 0.04, p) for n in counts] for p in bends_tried])
verify_at_most(
    "0.04 off, bends 0.5 and 0.93, 50 to 1000 coins: exact below both bounds",
    exact,
    [
        [
            min(chebyshev(n, 0.04, p), hoeffding(n, 0.04), chernoff(n, 0.04, p))
            for n in counts
        ]
        for p in bends_tried
    ],
)
told, truths = np.arange(1001) / 1000, np.array([0.5, 0.9, 0.93, 0.99])[:, None]
price = special.rel_entr(told, truths) + special.rel_entr(1 - told, 1 - truths)
law = stats.binom(1000, truths).pmf(1000 * told)
verify_at_least(
    "test sets whose interval, KL(measured‖μ) ≤ ln 40 / 1000, holds the truth μ",
    (law * (price <= np.log(40) / 1000)).sum(1),
    0.95,
)
too_far = lambda mu: (
    special.rel_entr(0.93, mu) + special.rel_entr(0.07, 1 - mu) - np.log(40) / 1000
)
interval = [optimize.brentq(too_far, *pair) for pair in ((0.8, 0.93), (0.93, 0.99))]
best_interval = stats.binomtest(930, 1000).proportion_ci(0.95)  # Clopper and Pearson
verify_at_most(
    "measured 93 %: the exact interval's length over that from Chernoff",
    (best_interval.high - best_interval.low) / (interval[1] - interval[0]),
    1.0,
)
ends = np.array([2000, 4000])
slopes = {
    p: np.diff(np.log([strays(n, 0.05, p) for n in ends]))[0] / 2000
    for p in bends_tried
}
verify(
    "fair coins: the exponent of the tail, from 2000 to 4000 coins, is Hoeffding's −2ε²",
    slopes[0.5],
    -2 * 0.05**2,
    rtol=0.08,
)


def best_exponent(eps, p):
    """The least of ln E exp(s(X − p − eps)), over both signs of eps, searched."""
    K = lambda s, e: np.log(1 - p + p * np.exp(s)) - s * (p + e)
    return max(optimize.minimize_scalar(K, args=(e,)).fun for e in (eps, -eps))


verify(
    "bends 0.5 and 0.93: the tails' exponents, and s searched for",
    list(slopes.values()),
    [best_exponent(0.05, p) for p in bends_tried],
    rtol=0.08,
)
verify(
    "Chernoff's bound, 2000 and 4000 coins: its exponent, with s searched for",
    [np.diff(np.log([chernoff(n, 0.05, p) for n in ends]))[0] for p in bends_tried],
    [2000 * best_exponent(0.05, p) for p in bends_tried],
    rtol=1e-3,
)
verify(
    "1000 images: Chernoff's five per cent lie between 2.1 and 2.3 points",
    [chernoff(1000, eps, 0.93) < 0.05 for eps in (0.021, 0.023)],
    [False, True],
)
tried = np.arange(100, 3001)
verify(
    "the most coins at which Chebyshev beats Hoeffding: rounded down to tens",
    [
        tried[chebyshev(tried, 0.05, p) < hoeffding(tried, 0.05)].max() // 10
        for p in bends_tried
    ],
    [
        int(
            optimize.brentq(lambda x: 2 * x * math.exp(-2 * x) - p * (1 - p), 1, 9) * 40
        )
        for p in bends_tried
    ],
)
verify(
    "1000 images: Chebyshev's five per cent lie between 3.5 and 3.7 points",
    [chebyshev(1000, eps, 0.93) < 0.05 for eps in (0.035, 0.037)],
    [False, True],
)
verify_at_most("1000 images: 1.7 points off or more", strays(1000, 0.017, 0.93), 0.05)
verify_at_least("1.6 points off or more", strays(1000, 0.016, 0.93), 0.05)
sets = np.random.default_rng(8).binomial(1000, 0.93, (3000, 100)) / 1000
verify_within_se(
    "300,000 test sets of 1,000 images: how often 0.017 off",
    (abs(sets - 0.93) >= 0.017 - 1e-12).ravel(),
    strays(1000, 0.017, 0.93),
)
verify_within_se(
    "best of a hundred equal networks, 3,000 times: its excess, from the law of a maximum",
    sets.max(1) - 0.93,
    np.sum(1 - stats.binom(1000, 0.93).cdf(np.arange(1001)) ** 100) / 1000 - 0.93,
)

# %% [markdown]
r"""
**Try it.** The measured accuracy is to be less than one point off with probability 95 %. How many test images does Hoeffding ask for, and how many Chernoff, if the true accuracy is 93 %?
"""

# %% tags=["yours"]
test_set = ...  # two whole numbers

exercise("pr-test-set").check(test_set)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$2e^{-2n\epsilon^2}\le0.05$ with $\epsilon=0.01$: more images than the test set of MNIST has. Chernoff's two sides differ; the smallest $n$ is searched for, and about a quarter will do.

```python
few_enough = lambda n: chernoff(n, 0.01, 0.93) <= 0.05
test_set = (
    math.ceil(math.log(2 / 0.05) / (2 * 0.01**2)),
    next(n for n in range(1, 20_000) if few_enough(n)),
)
```

</details>
"""

# %% [markdown]
r"""
(self-information)=
## What is a surprise worth?

That the sun rose this morning is not news. Let $I(p)$ be the information in an event of probability $p$. Two demands: the less probable, the more; and two independent events tell the sum of what each tells, $I(pq)=I(p)+I(q)$. Then $g(t)=I(e^{-t})$ is increasing and adds up, $g(s+t)=g(s)+g(t)$, so it is linear (at whole numbers and fractions by adding up, in between because it increases): only the logarithm does both, up to its base:

$$
I(x)=-\log p(x).
$$ (eq-pr-information)

To base 2 the unit is the *bit*, the answer to one fair yes-or-no question. An event of probability $\frac18$ has three. Our coin's tails carry 0.17 bits, its heads 3.18.

(entropy)=
How much information does a source bring on average? Four symbols with probabilities $\frac12,\frac14,\frac18,\frac18$ bring 1, 2, 3 and 3 bits, so $\frac12\cdot1+\frac14\cdot2+2\cdot\frac18\cdot3=1.75$ bits a symbol. This is the *entropy*:

$$
H(p)=\mathbb E\bigl[-\log p(X)\bigr]=-\sum_xp(x)\log p(x),\qquad 0\log0=0 .
$$ (eq-pr-entropy)

For the bent coin it is $0.11\cdot3.1844+0.89\cdot0.1681\approx0.4999$ bits. There is the half of the opening, from a formula that counts nothing.
"""


# %%
def information(p):
    """In bits."""
    return -np.log2(p)


def entropy(p, base=np.e):
    """Along the last axis; 0 log 0 counts as 0."""
    p = np.asarray(p, dtype=float)
    return -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=-1) / np.log(base)


# %% tags=["picture"]
def bent_coin(p):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1), width_ratios=[2, 3])
    left.bar(
        ["heads", "tails"],
        information(np.array([p, 1 - p])),
        width=np.array([p, 1 - p]),
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
(jensen-inequality)=
**How large can it be?** The mean of the squares exceeds the square of the mean [by the variance](#eq-pr-variance). The reason is the bend. Let $\varphi$ be [convex](#convex-function) and lay a tangent $\varphi(m)+s(x-m)$ under it at $m=\mathbb E[X]$. The graph lies above, $\varphi(X)\ge\varphi(m)+s(X-m)$, and taking means kills the last term:

$$
\varphi(\mathbb E[X])\le\mathbb E[\varphi(X)],\qquad \varphi\Bigl(\sum_i\lambda_ix_i\Bigr)\le\sum_i\lambda_i\varphi(x_i),\qquad \varphi\Bigl(\int g\,d\mu\Bigr)\le\int\varphi\circ g\,d\mu .
$$ (eq-pr-jensen)

Three spellings of *Jensen's inequality*: for a random variable, for weights $\lambda_i\ge0$ with sum 1, for a probability measure $\mu$. For concave $\varphi$, such as the logarithm, it is reversed. Put $\frac1{p(X)}$ into the logarithm: for $K$ possible symbols

$$
H(p)=\mathbb E\Bigl[\log\frac1{p(X)}\Bigr]\le\log\mathbb E\Bigl[\frac1{p(X)}\Bigr]=\log K ,
$$ (eq-pr-max-entropy)

with equality for the uniform law.
"""

# %% tags=["checks"]
rng = np.random.default_rng(9)
laws = rng.dirichlet(np.full(7, 0.5), 2000)
verify(
    "2,000 random laws: entropy, against SciPy",
    entropy(laws),
    stats.entropy(laws, axis=1),
    atol=1e-12,
)
gaps = np.log(7) - entropy(laws)
verify_at_least("2,000 laws on 7 symbols: log 7 minus entropy", gaps, 0.0)
verify(
    "exp of a normal(0, 1.2²): E φ(X) − φ(E X) is exp(s²/2) − 1",
    integrate.quad(lambda x: np.exp(x) * stats.norm(0, 1.2).pdf(x), -15, 18)[0]
    - np.exp(0),
    np.exp(1.2**2 / 2) - 1,
    atol=1e-8,
)
symbols = rng.choice(7, size=100_000, p=laws[0])
verify_within_se(
    "100,000 symbols: mean surprise, against SciPy's entropy, in bits",
    information(laws[0])[symbols],
    stats.entropy(laws[0], base=2),
)
verify(
    "the bent coin's entropy over the price of counting, 10⁶ tosses",
    entropy([0.11, 0.89], 2),
    bits_by_counting(0.11, 1_000_000),
    atol=1e-4,
)

# %% [markdown]
r"""
**Try it.** Four equally probable symbols have an entropy of two bits. Find a law on *eight* symbols with exactly two bits that is no fair choice among four.
"""

# %% tags=["yours"]
two_bits = ...  # eight probabilities

exercise("pr-two-bits").check(two_bits)

# %% [markdown]
r"""
<details><summary>Solution</summary>

With powers of two the surprises are whole numbers: $\frac12\cdot1+4\cdot\frac18\cdot3=2$.

```python
two_bits = [1 / 2, 1 / 8, 1 / 8, 1 / 8, 1 / 8, 0, 0, 0]
```

</details>
"""

# %% [markdown]
r"""
(typical-set)=
## The sequence that nobody ever sees

Now the riddle of the opening: why may one count the sequences with 1100 heads as if there were no others? Of a hundred tosses the most probable sequence is a hundred tails; its probability is $0.89^{100}$, about one in a hundred thousand. Any one sequence with eleven heads is ten billion times rarer. Yet you will see something like eleven heads, and hardly ever a hundred tails, because of the former there are $\binom{100}{11}\approx1.4\cdot10^{14}$ sequences, of the latter one. Probability is a bargain between how probable *one* is and how *many* there are. The surprise of the whole sequence, per toss, is an average, since the tosses are independent:

$$
-\frac1n\log_2P(X_1,\dots,X_n)=\frac1n\sum_{i=1}^n-\log_2p(X_i).
$$ (eq-pr-aep)

The mean of its terms is $H$, so by [the weak law](#eq-pr-weak-law) it settles at $H$: except for a share $\delta\le\frac{\sigma^2}{n\epsilon^2}$ of bad luck, where $\sigma^2=\operatorname{Var}[-\log_2p(X)]$,

$$
2^{-n(H+\epsilon)}\le P(X_1,\dots,X_n)\le2^{-n(H-\epsilon)} .
$$ (eq-pr-typical)

This is the *asymptotic equipartition property*. A long message is almost surely *typical*, and all typical messages have nearly the same probability, $2^{-nH}$ (nearly in the exponent; no more is claimed). How many are there? Their probabilities add up to at most 1 and to at least $1-\delta$, so by [the two bounds](#eq-pr-typical)

$$
(1-\delta)\,2^{n(H-\epsilon)}\le|T|\le2^{n(H+\epsilon)} .
$$ (eq-pr-typical-count)

Of the $2^n$ sequences only about $2^{nH}$ ever happen: for the bent coin $2^{5000}$ of $2^{10000}$. The sequence of all tails is not among them.

**The riddle solved.** Number the typical sequences and send the number, $n(H+\epsilon)$ bits, rounded up, after a flag 0; send anything else as it is, $n$ bits after a flag 1. *Every* sequence can be sent, and the average is at most $n(H+\epsilon)+2+\delta n$. And less will not do: a list of only $2^{n(H-2\epsilon)}$ sequences catches, of the typical ones, at most $2^{n(H-2\epsilon)}\,2^{-n(H-\epsilon)}=2^{-n\epsilon}$ of the probability. This is Shannon's *source coding theorem* {cite:p}`shannon1948`, told as {cite:t}`mackay2003` tells it.

Give up a share $\delta$ of the probability and keep only the likeliest sequences, those with up to $k$ heads. How many bits a toss to number these?
"""


# %%
def bits_to_number(delta, p, n):
    """Bits a toss to number the likeliest sequences, all but a share delta."""
    k = np.arange(stats.binom.ppf(1 - delta, n, p) + 1)  # numbers of heads kept
    log_counts = (
        special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    )
    return special.logsumexp(log_counts) / np.log(2) / n


# %% tags=["set-up"]
given_up = [0.5, 0.1, 0.01, 1e-6]
print("bits a toss     share of the probability that is given up")
print("tosses     " + "".join(f"{delta:>9g}" for delta in given_up))
for n in (10, 100, 1000, 10_000, 100_000):
    row = [bits_to_number(delta, 0.11, n) for delta in given_up]
    print(f"{n:7,}    " + "".join(f"{bits:9.3f}" for bits in row))

# %% [markdown]
r"""
At ten tosses it matters how careful one is: from 0.35 bits for half of the cases to 0.99 for all but one in a million. At a hundred thousand one pays half a bit a toss, greedy or careful. (Whoever keeps only half of the probability stays below $H$, by less and less.) Make the sequence longer and watch: on the left surprise a toss gathers at $H$, on the right the curve becomes flat.
"""


# %% tags=["picture"]
def typical(n):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    heads = np.arange(n + 1)
    surprise = (heads * information(0.11) + (n - heads) * information(0.89)) / n
    chance = stats.binom(n, 0.11).pmf(heads)
    left.vlines(surprise, 0, chance / chance.max(), color=plot.BLUE, lw=2)
    left.axvspan(0.45, 0.55, color=plot.ORANGE, alpha=0.25)
    left.set(
        xlim=(0, 1.5),
        xlabel="surprise, bits a toss",
        yticks=[],
        title=f"{chance[abs(surprise - 0.5) <= 0.05].sum():.0%} within 0.05 of H",
    )
    shares = np.linspace(0.001, 0.999, 60)
    right.step(
        shares,
        [bits_to_number(d, 0.11, n) for d in shares],
        color=plot.RED,
        where="mid",
    )
    right.axhline(entropy([0.11, 0.89], 2), ls=":", color="black")
    right.set(
        ylim=(-0.03, 1),
        xlabel="share given up",
        ylabel="bits a toss",
        title=f"{n:,} tosses",
    )
    return fig


explore(
    typical,
    alt="Left, the law of the surprise a toss, spread out for few tosses and gathered in a narrow band at one half for many; right, bits a toss against the share of probability given up, steep for few tosses and flat at one half for many",
    n=[100, 10, 30, 300, 1000, 3000, 10_000],
)

# %% tags=["checks"]
every = np.array(list(product((0, 1), repeat=15)))  # all 32,768 sequences
chances = 0.11 ** every.sum(1) * 0.89 ** (15 - every.sum(1))
ordered = np.sort(chances)[::-1].cumsum()
kept = np.round(2 ** (15 * bits_to_number(0.05, 0.11, 15)))
shell = math.comb(15, int(stats.binom.ppf(0.95, 15, 0.11)))
verify_at_least(
    "fifteen tosses, all 32,768 sequences sorted: the kept ones catch 95 %",
    ordered[int(kept) - 1],
    0.95,
)
verify_at_most(
    "and without the last shell they do not", ordered[int(kept) - shell - 1], 0.95
)
n, eps, H = 2000, 0.05, stats.entropy([0.11, 0.89], base=2)
heads = np.arange(n + 1)
off = abs((heads * -math.log2(0.11) + (n - heads) * -math.log2(0.89)) / n - H)
delta = stats.binom(n, 0.11).pmf(heads[off > eps]).sum()
size = math.log2(sum(math.comb(n, int(h)) for h in heads[off <= eps])) / n
verify_at_most("2000 tosses: log₂ of the number of typical ones, a toss", size, H + eps)
verify_at_least("and at least", size, H - eps + math.log2(1 - delta) / n)
sigma2 = 0.11 * 0.89 * math.log2(0.89 / 0.11) ** 2  # variance of one toss's surprise
verify_at_most(
    "2000 tosses: share that is not typical, against Chebyshev",
    delta,
    sigma2 / (n * eps**2),
)
tosses = np.random.default_rng(10).random((1000, n)) < 0.11
surprise = np.where(tosses, -math.log2(0.11), -math.log2(0.89)).mean(1)
verify_within_se("a thousand sequences: surprise a toss is H", surprise, H)
verify_within_se("its variance is σ²/n, times n", n * (surprise - H) ** 2, sigma2)
verify_within_se("share that is not typical", abs(surprise - H) > eps, delta)


def not_typical(n):
    per_toss = (np.arange(n + 1) * math.log2(0.89 / 0.11)) / n - math.log2(0.89)
    return stats.binom(n, 0.11).pmf(np.arange(n + 1))[abs(per_toss - H) > eps].sum()


by_normal = round(sigma2 * (stats.norm.ppf(0.995) / eps) ** 2)  # tosses for 99 %
verify(
    "a hundredth not typical: reached within 80 tosses of what the normal law says",
    [not_typical(n) <= 0.01 for n in (by_normal - 80, by_normal + 80)],
    [False, True],
)
verify(
    "Chebyshev asks for more, by a factor",
    sigma2 / (0.01 * eps**2) / by_normal,
    15,
    atol=0.5,
)

# %% [markdown]
r"""
**Try it.** How many tosses of the bent coin until, by Chebyshev's bound, 99 % of the probability is within $\epsilon=0.05$ bits of $H$?
"""

# %% tags=["yours"]
typical_length = ...  # a whole number

exercise("pr-typical-length").check(typical_length)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The surprise takes two values, $\log_2\frac{0.89}{0.11}$ apart; its variance is $pq$ times that squared. (Exactly, some 2,400 do: Chebyshev asks for fifteen times too many.)

```python
variance = 0.11 * 0.89 * math.log2(0.89 / 0.11) ** 2
typical_length = math.ceil(variance / (0.01 * 0.05**2))
```

</details>
"""

# %% [markdown]
r"""
(huffman-code)=
## A code from a tree

A list of $2^{5000}$ sequences fits into no computer. What code can one use? Morse gave short signs to frequent letters. Give the four symbols with $\frac12,\frac14,\frac18,\frac18$ the words `0`, `10`, `110`, `111`. No word is the beginning of another, so a stream of words can be cut without commas: `0110100` is `0`, `110`, `10`, `0`. On average a symbol takes $\frac12\cdot1+\frac14\cdot2+\frac14\cdot3=1.75$ bits: the entropy.

The best code of this kind for any law was found by Huffman as a student {cite:p}`huffman1952`: join the two rarest symbols into one, with a bit to tell them apart, and go on with one symbol fewer. (In some best code the two rarest are the deepest siblings, since exchanging costs nothing; joining them lowers the mean length by their probability, whatever the rest. Induct.)
"""


# %%
def huffman(p):
    """Code words, one for each symbol of the law p (or of its counts)."""
    words = [""] * len(p)
    heap = [(weight, [symbol]) for symbol, weight in enumerate(p)]
    while len(heap) > 1:
        heap.sort()
        (weight0, group0), (weight1, group1), *heap = heap
        for bit, group in (("0", group0), ("1", group1)):
            for symbol in group:
                words[symbol] = bit + words[symbol]
        heap.append((weight0 + weight1, group0 + group1))
    return words


# %%
def mean_length(p, words):
    return sum(weight * len(word) for weight, word in zip(p, words))


# %% [markdown]
r"""
Here is the tree for the letters of a rhyme. Look for `e` near the root and for `v` far below.
"""

# %% tags=["set-up"]
rhyme = (
    "the time has come the walrus said to talk of many things of shoes and ships "
    "and sealing wax of cabbages and kings and why the sea is boiling hot and "
    "whether pigs have wings"
)  # Lewis Carroll, 1871
alphabet, letter_counts = np.unique(list(rhyme.replace(" ", "")), return_counts=True)


def draw_tree(ax, symbols, words):
    """The tree of a code, 0 to the left and 1 to the right, leaves in a row of places."""
    order = sorted(range(len(words)), key=lambda i: words[i])
    x = {words[i]: place for place, i in enumerate(order)}
    depth = max(map(len, words))
    for length in range(depth - 1, -1, -1):
        for node in {w[:length] for w in words if len(w) > length}:
            x[node] = (x[node + "0"] + x[node + "1"]) / 2
    for node in x:
        if node:
            colour = plot.BLUE if node[-1] == "0" else plot.RED
            parent = node[:-1]
            ax.plot([x[parent], x[node]], [-len(parent), -len(node)], color=colour)
    for symbol, word in zip(symbols, words):
        ax.text(x[word], -len(word) - 0.4, symbol, ha="center", va="center", size=11)
    ax.set(ylim=(-depth - 0.8, 0.4), yticks=-np.arange(depth + 1))
    ax.set_yticklabels(np.arange(depth + 1))
    ax.set(ylabel="bits", xticks=[])
    ax.grid(False)


# %% tags=["picture"] mystnb={"image": {"alt": "Binary tree of the Huffman code for 22 letters: h, s, a and e hang three edges below the root, most others four to six, the rare u and v seven."}}
fig, ax = plt.subplots(figsize=(6.8, 3.4))
draw_tree(ax, alphabet, huffman(letter_counts.tolist()))
ax.set_title("blue: 0, red: 1")
plt.show()

# %% [markdown]
r"""
(kraft-inequality)=
**Why no such code beats the entropy.** Let words of lengths $l_x$ be given, none the beginning of another, and let a fair coin write a stream of bits. It starts with the word of $x$ with probability $2^{-l_x}$, and with one word only, so these probabilities add up to at most 1:

$$
\sum_x2^{-l_x}\le1 .
$$ (eq-pr-kraft)

This is *Kraft's inequality*. Jensen does the rest: with $L=\sum_xp(x)\,l_x$,

$$
H-L=\sum_xp(x)\log_2\frac{2^{-l_x}}{p(x)}\le\log_2\sum_x2^{-l_x}\le0 .
$$ (eq-pr-code-bound)

Conversely, lengths $\lceil-\log_2p(x)\rceil$ obey Kraft, and whenever lengths do, there are such words: cut $[0,1)$ into binary pieces of size $2^{-l_x}$ from the left, the largest first. They cost less than one bit more than the surprise. Together, for the best code,

$$
H\le L<H+1 .
$$ (eq-pr-huffman-bound)

(The same inequality binds every code whose streams can be decoded at all, says McMillan's theorem.)

That $+1$ makes a coin hopeless: two symbols, two words of one bit. The cure is to code *blocks* of $k$ tosses as one symbol; they share the $+1$.
"""


# %%
def coin_blocks(p, k):
    """The law of k tosses, 2ᵏ symbols."""
    law = np.ones(1)
    for _ in range(k):
        law = np.outer(law, [p, 1 - p]).ravel()
    return law


def bits_in_blocks(p, k):
    law = coin_blocks(p, k).tolist()
    return mean_length(law, huffman(law)) / k


# %% tags=["picture"] mystnb={"image": {"alt": "Bits a toss above the entropy, logarithmic, of Huffman codes against the block length from 1 to 9, far under the bound 1/k: they fall, lowest at six, and are higher again at nine."}}
block_bits = np.array([bits_in_blocks(0.11, k) for k in range(1, 10)])
coin_entropy = entropy([0.11, 0.89], 2)
fig, ax = plt.subplots(figsize=(6.8, 3.1))
k = np.arange(1, 10)
ax.semilogy(k, 1 / k, ":", color=plot.GREY, label="the bound, $1/k$")
ax.semilogy(k, block_bits - coin_entropy, "o-", color=plot.BLUE, label="Huffman")
for j in (6, 9):
    excess = block_bits[j - 1] / coin_entropy - 1
    where = (j, 0.75 * (block_bits[j - 1] - coin_entropy))
    ax.annotate(f"+{excess:.1%}", where, ha="center", va="top")
ax.set(ylim=(4e-4, 2), xlabel="tosses in a block, $k$", ylabel="bits a toss above $H$")
ax.legend()
plt.show()

# %% [markdown]
r"""
Blocks of six, with 64 words, come closer than blocks of nine, with 512! Six tosses with $h$ heads tell $6\cdot0.168+3.016h\approx1+3h$ bits, almost whole numbers; nine tell $1.51+3.016h$, half-way between. And a block of a hundred tosses would need a table of $2^{100}$ words. We want the long block without the table.
"""

# %% tags=["checks"]
rhyme_words = huffman(letter_counts.tolist())
verify(
    "Kraft's sum of the rhyme's words, a full tree",
    sum(2.0 ** -len(word) for word in rhyme_words),
    1.0,
)
coded, letters, cut, rest = "", rhyme.replace(" ", ""), [], ""
coded = "".join(rhyme_words[np.searchsorted(alphabet, c)] for c in letters)
for bit in coded:  # cut the stream without commas
    rest += bit
    if rest in rhyme_words:
        cut.append(str(alphabet[rhyme_words.index(rest)]))
        rest = ""
verify("the rhyme, coded and cut again", "".join(cut), letters)
frequency = letter_counts / letter_counts.sum()
verify_at_least(
    "its bits a letter, above the entropy",
    len(coded) / len(letters),
    stats.entropy(frequency, base=2),
)
five = np.array([0.35, 0.25, 0.2, 0.15, 0.05])
lengths = [l for l in product(range(1, 5), repeat=5) if sum(2.0**-k for k in l) <= 1]
verify(
    "five symbols: Huffman, against all lengths that Kraft allows",
    mean_length(five, huffman(five)),
    min(five @ l for l in lengths),
)
verify_at_most(
    "blocks of 1 to 9 tosses: bits a toss, below H + 1/k",
    block_bits,
    stats.entropy([0.11, 0.89], base=2) + 1 / np.arange(1, 10),
)
verify_at_least(
    "blocks of 1 to 9 tosses: bits a toss, above the entropy",
    block_bits,
    stats.entropy([0.11, 0.89], base=2),
)
verify_at_most(
    "excess of blocks of six, over that of nine",
    (block_bits[5] - coin_entropy) / (block_bits[8] - coin_entropy),
    0.5,
)
told = -stats.binom.logpmf(0, [6, 9], 0.11) / np.log(2)  # no heads
steps = np.arange(4) * math.log2(
    0.89 / 0.11
)  # and one to three heads; by chance off by 1/4
misfit = [abs(a + steps - np.round(a + steps)) for a in told]
verify_at_most(
    "up to three heads of six: bits to tell, off a whole number", misfit[0], 1 / 4
)
verify_at_least("up to three heads of nine: off a whole number", misfit[1], 1 / 4)
verify(
    "pairs of tosses, by hand: lengths 1, 2, 3, 3",
    block_bits[1],
    (1 * 0.89**2 + 2 * 0.89 * 0.11 + 3 * 0.11) / 2,
)

# %% [markdown]
r"""
**Try it.** Find, by hand, the best code for four symbols with probabilities $0.4,0.3,0.2,0.1$.
"""

# %% tags=["yours"]
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
"""

# %% [markdown]
r"""
(headline-code)=
## The headline: one number for the whole message

An *arithmetic code* makes one block of the whole message, and needs no table {cite:p}`witten1987`. Start with the interval $[0,1)$. Each symbol cuts it into parts as long as the symbols are probable, and the message keeps the part of its own symbol. Tails left, heads right: after T the interval is $[0,0.89)$, after TH it is $[0.7921,0.89)$. After $n$ symbols its length is

$$
w=\prod_ip(x_i),\qquad -\log_2w=\sum_i-\log_2p(x_i),
$$ (eq-pr-interval)

exactly the information in the message. Any binary fraction of $k$ digits, all of whose continuations lie inside, names it. Multiples of $2^{-k}$ are $2^{-k}$ apart, so if $w\ge2\cdot2^{-k}$, the first one in the interval has a whole cell of size $2^{-k}$ to its right that still fits. The smallest such $k$ is $\lceil-\log_2w\rceil+1$: rounding costs at least 1 and less than 2 bits, once for the *whole message*. Take more tosses and watch the interval shrink; heads, the rare ones, shrink it most.
"""


# %% tags=["picture"]
def shrinking(tosses):
    message, low, width = "TTTHTTTT", 0.0, 1.0
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    for row in range(tosses + 1):
        ax.barh(row, width, left=low, color=plot.SKY, height=0.8)
        rare = dict(left=low + 0.89 * width, color=plot.ORANGE, height=0.8)
        ax.barh(row, 0.11 * width, **rare)
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
    tosses=[4, 1, 2, 3, 5, 8],
)

# %% [markdown]
r"""
Python's integers are of any length, so the code below is exact. The interval is $[\ell,\ell+w)/\text{total}^n$, with probabilities as whole weights: 89 and 11 for our coin. The decoder looks in which part its number $N/D$ lies, and stretches that part to the full interval.
"""


# %%
def encode(message, weights):
    """The bits of a message whose symbol s has probability weights[s] / sum(weights)."""
    start = [0, *accumulate(weights)]
    low, width, total = 0, 1, start[-1]
    for s in message:
        low, width = low * total + width * start[s], width * weights[s]
    whole = total ** len(message)
    k = (-(-2 * whole // width) - 1).bit_length()  # the smallest with 2ᵏ ≥ 2 whole / w
    return format(-(-(low << k) // whole), f"0{k}b")  # low, rounded up to k digits


# %%
def decode(bits, n, weights):
    """The n symbols that encode turned into bits."""
    start = [0, *accumulate(weights)]
    N, D, message = int(bits, 2), 2 ** len(bits), []
    for _ in range(n):
        s = bisect_right(start, N * start[-1] // D) - 1
        N, D = N * start[-1] - start[s] * D, D * weights[s]
        message.append(s)
    return message


# %% [markdown]
r"""
First, all 6,561 messages of eight symbols from three weights. Does each come back, does no code begin another, is the promise of 2 bits kept?
"""

# %% tags=["checks"]
three = [5, 2, 1]
messages = [list(m) for m in product(range(3), repeat=8)]
codes = [encode(m, three) for m in messages]
verify(
    "all 6,561 messages of eight symbols come back",
    np.array([decode(c, 8, three) for c in codes]),
    np.array(messages),
)
in_order = sorted(codes)  # a beginning would stand before one of its continuations
verify(
    "no code begins another",
    any(b.startswith(a) for a, b in zip(in_order, in_order[1:])),
    False,
)
told = -np.log2(np.array(three)[np.array(messages)] / 8).sum(1)
excess = np.array([len(c) for c in codes]) - told
verify_at_most("bits of a code beyond its message's information", excess, 2.0)
verify_at_least("bits beyond, the fewest", excess, 1.0, atol=1e-9)

# %% [markdown]
r"""
Now three sources: the bent coin, a loaded die, the letters of the rhyme. Each sends a hundred messages of two thousand symbols, a length that both sides know. What should one expect? Rounding adds at most 2 bits a message, a thousandth of a bit a symbol. The mean surprise of $m$ symbols has the standard error $\sigma/\sqrt m$, with $\sigma^2=\operatorname{Var}[-\log_2p(X)]$ known beforehand.
"""

# %% tags=["set-up"]
SOURCES = {  # whole weights
    "bent coin": [89, 11],
    "loaded die": [1, 1, 1, 1, 2, 6],
    "letters": letter_counts.tolist(),
}
sent, rows = {}, []
for seed, (name, weights) in enumerate(SOURCES.items()):
    law = np.array(weights) / sum(weights)
    drawn = np.random.default_rng(seed).choice(len(law), size=(100, 2000), p=law)
    lengths = np.array([len(encode(m, weights)) for m in drawn.tolist()])
    told = information(law)[drawn].sum(1)  # information in each message
    H, variance = mean_and_variance(information(law), law)
    sent[name] = drawn, lengths, told
    rows.append([H, np.sqrt(variance / 2e5), lengths.mean() / 2000, told.mean() / 2000])
rows = np.array(rows)
one_by_one = [
    mean_length(law, huffman(law))
    for law in ((np.array(w) / sum(w)).tolist() for w in SOURCES.values())
]
print("bits a symbol   entropy   standard error    code    information sent   Huffman")
for name, (H, se, bits, told), word in zip(SOURCES, rows, one_by_one):
    print(
        f"{name:14}   {H:7.4f}   {se:14.4f}   {bits:6.4f}   {told:12.4f}   {word:11.4f}"
    )

# %%
headline(
    "Bits a symbol of an arithmetic code for a bent coin, a loaded die and English letters, against the entropy of the source: within the widest of three tolerances",
    rows[:, 2],
    rows[:, 0],
    rtol=((4 * rows[:, 1] + 2 / 2000) / rows[:, 0]).max(),
    unit="bits",
)

# %% tags=["checks"]
verify_at_most(
    "each source: distance of the code from the entropy, over four standard errors of "
    "the sample and two bits a message",
    abs(rows[:, 2] - rows[:, 0]) / (4 * rows[:, 1] + 2 / 2000),
    1.0,
)

# %% [markdown]
r"""
The bent coin takes half a bit a toss, without a table. (For the die and the letters Huffman symbol by symbol, the last column, was already within 2 and 1 %.) Sixty of its hundred messages took *less* than $nH$ bits (49 are to be expected). Does that not break the theorem? Compare each code with what its own message had to tell:
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Bits of the code against information in the message for a hundred messages of two thousand tosses: the points lie on a line just above the diagonal, spread from about 900 to 1100 on both sides of the dashed lines at the entropy."}}
fig, ax = plt.subplots(figsize=(6.8, 3.3))
_, lengths, told = sent["bent coin"]
ax.plot(told, lengths, ".", color=plot.BLUE, ms=7)
ends = np.array([told.min() - 8, told.max() + 8])
ax.plot(ends, ends, color=plot.GREY, lw=1)
for line in (ax.axhline, ax.axvline):
    line(2000 * coin_entropy, ls=":", color=plot.RED)
ax.set(xlabel="information in the message, bits", ylabel="bits of its code")
shorter = np.mean(lengths < 2000 * coin_entropy)
ax.set_title(f"{shorter:.0%} of the codes are shorter than $nH$ (red)")
plt.show()

# %% [markdown]
r"""
Luck. A message with few heads *tells* less than $nH$, and its code is shorter; one with many is longer. The bound binds the average over the source: a sample of 200,000 tosses may fall below by a standard error or two. No point lies below the diagonal, because this coder always rounds up. A code made for other beliefs can be luckier on some messages. But $\mathbb E\bigl[2^{-l(X)}/p(X)\bigr]\le1$ is Kraft's inequality, and then Markov's says that it gets $b$ bits or more below the information $-\log_2p(X)$ with probability at most $2^{-b}$.

**Type a text.** The law is the frequencies in your text. Above, the Huffman tree; below, the arithmetic code, letter by letter: each row stretches the chosen part to full width. Try `aaaaaaab`: Huffman spends a whole bit on every `a`. For `the walrus said` Huffman wins by one bit: the probabilities nearly are powers of two, and the arithmetic code pays its rounding. (The decoder must be told the frequencies and the length, too, which for a short text costs more than is saved; [the project](#ex-pr-adaptive) avoids it.)
"""


# %% tags=["set-up"]
def live_codes(state):
    """What the figure shows for a text: entropy, word lengths, code, one interval."""
    text, at = state["text"], state["at"]
    symbols = sorted(set(text))
    weights = [text.count(c) for c in symbols]
    message = [symbols.index(c) for c in text]
    words = huffman(weights)
    start = [0, *accumulate(weights)]
    low, width = 0.0, 1.0
    for s in message[:at]:
        low, width = (
            low + width * start[s] / len(text),
            width * weights[s] / len(text),
        )
    return [
        [entropy(np.array(weights) / len(text), 2)],
        [len(word) for word in words],
        [int(bit) for s in message for bit in words[s]],
        [int(bit) for bit in encode(message, weights)],
        [low, width],
    ]


# %% tags=["picture"]
rng = np.random.default_rng(11)
states = []
for _ in range(20):
    size = int(rng.integers(1, 50))
    text = "".join(rng.choice(list(" abcdefgh"), size, p=rng.dirichlet(np.ones(9))))
    states.append({"text": text, "at": int(rng.integers(0, size + 1))})
fig, ax = plt.subplots(figsize=(6.8, 3.2))
opening_text = "the walrus said"
opening_symbols = sorted(set(opening_text))
opening_counts = [opening_text.count(c) for c in opening_symbols]
draw_tree(
    ax, ["␣" if c == " " else c for c in opening_symbols], huffman(opening_counts)
)
ax.set_title(opening_text)
live(
    "codes",
    {"text": opening_text, "at": 3},
    still=fig,
    states=states,
    truth=live_codes,
    alt="A text that can be typed, the bits it takes by five codes, the Huffman tree of its letters, and the intervals of its arithmetic code, each row stretching the part chosen above it",
)

# %% tags=["checks"]
for name, weights in SOURCES.items():
    drawn, lengths, told = sent[name]
    verify(
        f"{name}: the first message, decoded",
        decode(encode(drawn[0].tolist(), weights), 2000, weights),
        drawn[0].tolist(),
    )
drawn, lengths, told = sent["bent coin"]
H = stats.entropy([0.11, 0.89], base=2)
heads = np.arange(2001)
chances = stats.binom(2000, 0.11).pmf(heads)
info = heads * -math.log2(0.11) + (2000 - heads) * -math.log2(0.89)
verify_within_se(
    "bent coin: share of codes shorter than nH, against the binomial law",
    lengths < 2000 * H,
    chances[np.ceil(info) + 1 < 2000 * H].sum(),
)
verify_within_se(
    "bent coin: bits beyond the information in the message, against the binomial law",
    lengths - told,
    chances @ (np.ceil(info) + 1 - info),
)
saved = heads * math.log2(0.13 / 0.11) + (2000 - heads) * math.log2(0.87 / 0.89)
verify_at_most(
    "believing in 0.13: chance that this saves 1, 2, 3, 5 bits or more",
    [chances[saved >= b].sum() for b in (1, 2, 3, 5)],
    0.5 ** np.array([1, 2, 3, 5]),
)
for name in ("loaded die", "letters"):
    verify_within_se(
        f"{name}: bits beyond the information in the message, half a bit over the least",
        sent[name][1] - sent[name][2],
        1.5,
    )
by_live = live_codes({"text": "the walrus said", "at": 0})
verify(
    "the walrus said: bits by the arithmetic code, more than by Huffman",
    len(by_live[3]) - len(by_live[2]),
    1,
)
by_live = live_codes({"text": "aaaaaaab", "at": 8})
verify(
    "aaaaaaab: bits by Huffman, by the arithmetic code",
    (len(by_live[2]), len(by_live[3])),
    (8, math.ceil(-7 * math.log2(7 / 8) + 3) + 1),
)

# %% [markdown]
r"""
**Try it.** With the bent coin (tails left, heads right), which message of four tosses does the number $0.95$ begin with?
"""

# %% tags=["yours"]
read_number = ...  # a string of four letters, H or T

exercise("pr-read-number").check(read_number)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$0.95\ge0.89$: H. Stretched, it lies at $\frac{0.95-0.89}{0.11}=0.545$: T. Then $\frac{0.545}{0.89}=0.613$: T, and $\frac{0.613}{0.89}=0.689$: T.

```python
read_number = "HTTT"
```

</details>
"""

# %% [markdown]
r"""
(cross-entropy)=
## The price of a wrong belief

What does it cost to believe in the wrong law? Symbols come from $p$, but the code was made for $q$: a symbol $x$ gets $-\log q(x)$ instead of $-\log p(x)$. With $p=(\frac12,\frac14,\frac18,\frac18)$, whoever believes all four equally probable spends 2 bits on each; 1.75 would do. The average price is the *cross-entropy*,

$$
H(p,q)=\mathbb E_{x\sim p}\bigl[-\log q(x)\bigr]=-\sum_xp(x)\log q(x).
$$ (eq-pr-cross-entropy)

It is the loss of [softmax regression](#softmax-log-likelihood) and of every language model, with the data for $p$ and the model for $q$. The picture shows a cat, and the model says cat $0.7$, dog $0.2$, fox $0.1$. All of $p$ is on the cat, so the price is $-\ln0.7=0.36$ nats, however the rest is dealt; with $0.01$ for the cat it is $4.6$.

(kl-divergence)=
The extra over the entropy, a quarter of a bit here, is the *Kullback–Leibler divergence* {cite:p}`kullback1951`,

$$
\mathrm{KL}(p\,\|\,q)=H(p,q)-H(p)=\sum_xp(x)\log\frac{p(x)}{q(x)}\ge0 .
$$ (eq-pr-kl)

It cannot be negative: by [Jensen](#eq-pr-jensen) for the concave logarithm

$$
-\mathrm{KL}(p\,\|\,q)=\mathbb E_p\Bigl[\log\frac{q(X)}{p(X)}\Bigr]\le\log\mathbb E_p\Bigl[\frac{q(X)}{p(X)}\Bigr]=\log\sum_{p(x)>0}q(x)\le\log1=0,
$$ (eq-pr-gibbs)

where equality would need a constant ratio $q/p$, since the logarithm is strictly bent: that is $q=p$. So the cross-entropy is least at $q=p$, where it is $H(p)$: the loss of a perfect model is not zero. $\mathrm{KL}$ is infinite when $q$ excludes something that happens; terms with $p(x)=0$ count 0.
"""


# %%
def cross_entropy(p, q):
    return -np.sum(p * np.log(q), axis=-1)


def kl(p, q):
    """KL(p‖q) in nats along the last axis, for q > 0; terms with p = 0 count 0."""
    return np.sum(p * np.log(np.where(p > 0, p, 1) / np.where(p > 0, q, 1)), axis=-1)


# %% [markdown]
r"""
Let the arithmetic coder believe in the wrong coin: a hundred messages of a thousand tosses, five beliefs. The prediction is the cross-entropy, plus 1 to 2 bits a message. In the picture the arch is the entropy. The price of a belief $q$ is a straight line in the truth $p$, which touches the arch at $p=q$; the gap is $\mathrm{KL}$.
"""

# %% tags=["set-up"]
wrong_tosses = (np.random.default_rng(12).random((100, 1000)) < 0.11).astype(int)
believed = {}
print("believed   predicted    code    standard error   (bits a toss)")
for heads in (11, 3, 19, 33, 50):
    lengths = [len(encode(m, [100 - heads, heads])) for m in wrong_tosses.tolist()]
    believed[heads] = np.array(lengths) / 1000
    belief, truth = np.array([100 - heads, heads]) / 100, np.array([0.89, 0.11])
    price = cross_entropy(truth, belief) / np.log(2)
    error = believed[heads].std() / 10
    row = f"{price:8.3f}   {believed[heads].mean():8.3f}   {error:10.4f}"
    print(f"   0.{heads:02}    {row}")

# %% tags=["picture"] mystnb={"image": {"alt": "Bits a toss against the true probability of heads: the arch of the entropy and three straight lines above it, for beliefs 0.03, 0.19 and 0.5, each touching the arch at its belief. At the truth 0.11 the measured prices of the arithmetic code lie on the lines."}}
fig, ax = plt.subplots(figsize=(6.8, 3.3))
true_bend = np.linspace(1e-6, 0.6, 300)
arch = entropy(np.c_[true_bend, 1 - true_bend], 2)
ax.plot(true_bend, arch, color="black", label="entropy")
for heads, colour in ((3, plot.RED), (19, plot.BLUE), (50, plot.ORANGE)):
    q = heads / 100
    line = -true_bend * np.log2(q) - (1 - true_bend) * np.log2(1 - q)
    ax.plot(true_bend, line, color=colour, label=f"price, belief {q:.2f}")
    ax.plot(q, entropy([q, 1 - q], 2), "|", color=colour, ms=12, mew=2)
    ax.plot(0.11, believed[heads].mean(), "o", color=colour)
ax.axvline(0.11, ls=":", color=plot.GREY)
ax.set(ylim=(0, 1.6), xlabel="true probability of heads", ylabel="bits a toss")
ax.set_title("dots: the arithmetic code", fontsize=10)
ax.legend(loc="lower right", fontsize=9)
plt.show()

# %% [markdown]
r"""
Beliefs of 0.03 and 0.19 are equally far from the truth, but 0.03 costs almost three times as much extra: on this scale too sure is worse than too vague. In odds, 0.33 is as far as 0.03, and there it is the vague one who pays, twice as much. (At 0.50 every message takes 1001 bits: no spread.)

Though it is zero exactly for equal laws, $\mathrm{KL}$ is no distance. From a fair coin to one of 0.9 (or 0.1) it is 0.511 nats, back only 0.368. And a detour can be shorter: from 0.5 to 0.1 by way of 0.25 it is $0.144+0.092$. Which of the two directions one lowers decides what a poor model does, [cover or pick](#forward-and-reverse-kl).

:::{admonition} A common slip: "the difference of two entropies"
Both logarithms are averaged under $p$. Coins with 0.1 and 0.9 have equal entropies, and $\mathrm{KL}=0.8\ln9\approx1.76$ nats.
:::
"""

# %% tags=["checks"]
coin = lambda a: np.array([a, 1 - a])
for heads in (3, 19, 33):
    verify_within_se(
        f"messages coded for {heads} % heads: bits a toss, cross-entropy + 1.5/1000",
        believed[heads],
        cross_entropy(coin(0.11), coin(heads / 100)) / math.log(2) + 1.5 / 1000,
    )
extra = [kl(coin(0.11), coin(a)) for a in (0.03, 0.19, 0.33)]
verify_at_least("extra price of 0.03, over that of 0.19", extra[0] / extra[1], 2.5)
verify_at_least("extra price of 0.33, over that of 0.03", extra[2] / extra[0], 1.9)
verify(
    "coded for a fair coin: 1001 bits each",
    believed[50] * 1000,
    np.full(100, 1001),
    atol=1e-9,
)
rng = np.random.default_rng(13)
p, q = rng.dirichlet(np.ones(6), (2, 2000))
verify("2,000 random pairs: KL, against SciPy", kl(p, q), stats.entropy(p, q, axis=1))
verify_at_least("2,000 random pairs: KL is not negative", kl(p, q), 0.0, atol=1e-12)
a, b, c = coin(0.5), coin(0.25), coin(0.1)
verify_at_least(
    "KL from 0.5 to 0.1: the direct way is longer than the detour by, nats",
    kl(a, c) - kl(a, b) - kl(b, c),
    0.25,
)
verify("coins 0.1 and 0.9: KL is 0.8 ln 9", kl(coin(0.1), coin(0.9)), 0.8 * math.log(9))
logits = np.zeros(6)
for _ in range(2000):  # the gradient of the cross-entropy in the logits is q − p
    logits = logits - (special.softmax(logits) - p[0])
verify(
    "descent on the cross-entropy of a softmax ends at p",
    special.softmax(logits),
    p[0],
    atol=1e-4,
)

# %% [markdown]
r"""
(maximum-likelihood-estimation)=
**Learning is coding.** Data $x_1,\dots,x_n$, a family of laws $p_\theta$. Which $\theta$? The one under which the data are most probable. In logarithms, divided by $n$, and with $\hat p$ the law of the data's frequencies,

$$
\hat\theta=\arg\max_\theta\frac1n\sum_i\log p_\theta(x_i)=\arg\min_\theta H(\hat p,p_\theta)=\arg\min_\theta \mathrm{KL}(\hat p\,\|\,p_\theta),
$$ (eq-pr-mle)

since the mean of $\log p_\theta$ is $-H(\hat p,p_\theta)=-H(\hat p)-\mathrm{KL}(\hat p\,\|\,p_\theta)$. *Maximum likelihood*, least cross-entropy and least $\mathrm{KL}$ from the data are one. A network gets an input too: then it is the mean of $-\log p_\theta(y_i\mid x_i)$, and [each loss is such a likelihood](#loss-is-likelihood). (For densities the first two: data have none, and the divergence from them is infinite. The most probable parameters are another matter: they take a prior, as [the coin](#beta-posterior) did. And maximum likelihood is the shortest code only if the decoder gets $\theta$ for free; otherwise a larger family could never lose.)

For Poisson counts, $\frac d{d\lambda}\bigl(\bar x\log\lambda-\lambda\bigr)=0$ gives $\hat\lambda=\bar x$, with standard error $\sqrt{\lambda/n}$.

(pr-mutual-information)=
**What one variable tells about another.** Code a pair $(X,Y)$ as if the two were independent, and you pay $\mathrm{KL}\bigl(P(X,Y)\,\|\,P(X)P(Y)\bigr)$ too much. Splitting the logarithm,

$$
I(X;Y)=H(X)+H(Y)-H(X,Y)=H(X)-H(X\mid Y):
$$ (eq-pr-mutual-information)

how much of the entropy of $X$ goes away, on average, when $Y$ is known. Like $\mathrm{KL}$, this *mutual information* is at least 0, and zero only for independent variables. It sees what [covariance](#covariance) misses, the parabola too. For the mails it is 0.29 bits of the 0.72 in "spam or not": the word "free" answers two fifths of the question.
"""


# %%
def mutual_information(P):
    apart = P.sum(1, keepdims=True) * P.sum(0, keepdims=True)
    return kl(P.ravel(), apart.ravel())


# %% tags=["checks"]
mails = np.array([[15, 5], [5, 75]]) / 100
given = mails.sum(1) @ stats.entropy(mails / mails.sum(1, keepdims=True), axis=1)
verify(
    "mails: entropy of spam, minus what is left when the word is known",
    stats.entropy(mails.sum(0)) - given,
    mutual_information(mails),
    rtol=1e-9,
)
rng = np.random.default_rng(14)
word, spam = np.divmod(rng.choice(4, size=100_000, p=mails.ravel()), 2)
ratio = mails / mails.sum(1, keepdims=True) / mails.sum(0)  # P(Y | X) / P(Y)
verify_within_se(
    "100,000 mails: bits saved on “spam or not” by whoever knows the word",
    np.log2(ratio[word, spam]),
    mutual_information(mails) / math.log(2),
)
counts = rng.poisson(3.0, 500)
loss = lambda lam: -stats.poisson(lam).logpmf(counts).mean()
verify(
    "500 Poisson counts: the rate of least cross-entropy is their mean",
    optimize.minimize_scalar(loss, bounds=(0.5, 10), options={"xatol": 1e-9}).x,
    counts.mean(),
    atol=1e-6,
)
sizes = np.array([20, 80, 320])
errors = [(rng.poisson(3.0, (4000, n)).mean(1) - 3).std() for n in sizes]
verify("its error for 20, 80, 320 counts", errors, np.sqrt(3 / sizes), rtol=0.05)

# %% [markdown]
r"""
**Try it.** Give $\mathrm{KL}(\text{Poisson}(a)\,\|\,\text{Poisson}(b))$ in closed form.
"""

# %% tags=["yours"]
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
"""

# %% [markdown]
r"""
(central-limit-theorem)=
## What averages look like close up

The lengths of our messages were spread around $nH$ with a standard deviation of $\sigma\sqrt n$. With what *shape*? Here are the surprises of 10, 100 and 1,000 tosses, shifted by their mean and divided by their standard deviation.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Three bar charts of the standardised information in messages of 10, 100 and 1000 tosses: lopsided for 10, nearly a bell for 100, indistinguishable from the dashed normal density for 1000."}}
fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.7), sharey=True)
for ax, n in zip(axes, (10, 100, 1000)):
    heads, sd = np.arange(n + 1), math.sqrt(n * 0.11 * 0.89)
    z = (heads - 0.11 * n) / sd  # the surprise is a line in the number of heads
    ax.bar(z, sd * stats.binom(n, 0.11).pmf(heads), 0.9 / sd, color=plot.SKY)
    fine = np.linspace(-4, 4, 200)
    ax.plot(fine, stats.norm.pdf(fine), "--", color=plot.RED)
    ax.set(xlim=(-4, 4), title=f"{n:,} tosses")
axes[1].set_xlabel("standardised surprise; dashed: normal density")
plt.show()

# %% [markdown]
r"""
(moment-generating-function)=
Why *this* bell, and for other laws too? Hoeffding's proof used a transform that turns sums into products: the *moment generating function*, here of a random vector,

$$
M_x(t)=\mathbb E\bigl[e^{t^\top x}\bigr],
$$ (eq-pr-mgf)

of use where it is finite around $t=0$. Expand the exponential, in one dimension $M(t)=1+t\,\mathbb E[x]+\frac{t^2}2\mathbb E[x^2]+\dots$: all moments stand in it.

(mgf-of-weighted-sum)=
For *independent* $X_i$ the exponential of a sum is a product of independent factors, so

$$
M_{\sum a_iX_i}(t)=\prod_iM_{X_i}(a_it).
$$ (eq-pr-mgf-sum)

(mgf-normal)=
For one standard normal complete the square, $t\epsilon-\frac12\epsilon^2=\frac12t^2-\frac12(\epsilon-t)^2$; the integral over the second part is 1, and $M_\epsilon(t)=e^{t^2/2}$. For $\mu+\sigma\epsilon$ it is $e^{\mu t+\sigma^2t^2/2}$.

**The central limit theorem.** Let $X$ have mean 0, variance 1 and a moment generating function, so $M(t)=1+\frac{t^2}2+O(t^3)$. The standardised sum of $n$ copies has

$$
M\Bigl(\frac t{\sqrt n}\Bigr)^n=\Bigl(1+\frac{t^2}{2n}+O(n^{-3/2})\Bigr)^n\longrightarrow e^{t^2/2},
$$ (eq-pr-clt)

the transform of $\mathcal N(0,1)$, whatever the law of $X$ was. Two theorems that we quote finish the proof: a transform that is finite around 0 [belongs to one law only](#mgf-uniqueness), and, the *continuity theorem*, if the transforms converge around 0 to that of a law, so do the distribution functions. What is left over tells the speed: its first term, $\frac{t^3}{6\sqrt n}\mathbb E[X^3]$, is the bent coin's lopsidedness at ten tosses.
"""


# %%
def mgf_of_standardised_sum(M, mean, sd, n, t):
    """From the transform M of one term."""
    s = t / (sd * np.sqrt(n))
    return (M(s) * np.exp(-s * mean)) ** n


# %% tags=["checks"]
sd, t = math.sqrt(0.11 * 0.89), 0.7
heads = np.arange(51)
verify(
    "fifty tosses: the transform as a product, and from the binomial law",
    mgf_of_standardised_sum(lambda s: 0.89 + 0.11 * np.exp(s), 0.11, sd, 50, t),
    stats.binom(50, 0.11).pmf(heads)
    @ np.exp(t * (heads - 50 * 0.11) / (sd * math.sqrt(50))),
    rtol=1e-10,
)
left_over = [
    mgf_of_standardised_sum(lambda s: 0.89 + 0.11 * np.exp(s), 0.11, sd, n, t)
    / np.exp(t**2 / 2)
    - 1
    for n in (10**4, 10**6)
]
skewness = stats.bernoulli(0.11).stats("s")
verify(
    "10⁴ and 10⁶ tosses: relative gap to the normal's transform",
    left_over,
    t**3 * skewness / 6 / np.sqrt([1e4, 1e6]),
    rtol=0.02,
)
widest = [
    abs(
        stats.binom(n, 0.11).cdf(np.arange(n))
        - stats.norm.cdf((np.arange(n) + 0.5 - 0.11 * n) / (sd * math.sqrt(n)))
    ).max()
    for n in (1000, 4000)
]
verify(
    "distribution function, 1000 and 4000 tosses: largest gap to the normal's",
    widest,
    abs(skewness) / 6 * stats.norm.pdf(0) / np.sqrt([1000, 4000]),
    rtol=0.05,
)
verify(
    "E exp(tX) for the normal(1, 4), by quadrature",
    integrate.quad(lambda x: np.exp(0.3 * x) * stats.norm(1, 2).pdf(x), -30, 30)[0],
    np.exp(1 * 0.3 + 4 * 0.3**2 / 2),
    rtol=1e-8,
)

# %% [markdown]
r"""
(multivariate-gaussian)=
## The Gaussian, and seeing a part of it

A girl is 10 cm taller than the mean, and heights of sisters have correlation $\frac12$. What do you guess for her sister, and how surely? What adds up many small influences, as heights and the noise in a regression do, is modelled by the Gaussian, in many dimensions too, and there the answer is a formula.

(covariance-matrix-transform)=
The covariances of a random vector form a matrix, $\operatorname{Var}[X]=\mathbb E[(X-\mathbb EX)(X-\mathbb EX)^\top]$. For $AX$ the constant matrix comes out of the mean on both sides:

$$
\operatorname{Var}[AX]=\mathbb E\bigl[A(X-\mathbb EX)(X-\mathbb EX)^\top A^\top\bigr]=A\operatorname{Var}[X]\,A^\top .
$$ (eq-pr-transform)

With a single row $A=a^\top$ this is a variance, so $a^\top\Sigma a\ge0$ for all $a$: covariance matrices are symmetric and [positive semidefinite](#positive-definite-matrix). So are second-moment matrices $X^\top X$. (The covariance of $n$ examples has at most rank $n-1$.)

Take $d$ independent standard normals $\epsilon$ and map them by $x=\mu+L\epsilon$ with an invertible $L$. The covariance is $LL^\top=\Sigma$. A small box around $\epsilon$ becomes one of $\lvert\det L\rvert=\sqrt{\det\Sigma}$ times its volume and holds the same probability, so the density $(2\pi)^{-d/2}e^{-\|\epsilon\|^2/2}$ is divided by that:

$$
\mathcal N(x;\mu,\Sigma)=\frac{\exp\bigl(-\frac12(x-\mu)^\top\Sigma^{-1}(x-\mu)\bigr)}{\sqrt{(2\pi)^d\det\Sigma}},
$$ (eq-pr-gaussian)

because $\|\epsilon\|^2=\|L^{-1}(x-\mu)\|^2$. Level sets are ellipses, with axes along the eigenvectors of $\Sigma$. The [Cholesky factor](#cholesky-decomposition) is such an $L$, to draw with and to evaluate the density without inverting anything.
"""


# %%
def log_density(x, mu, Sigma):
    """log N(x; mu, Sigma) for one example a row, (n, d)."""
    L = np.linalg.cholesky(Sigma)
    eps = linalg.solve_triangular(L, (x - mu).T, lower=True)  # (d, n)
    log_det = np.log(np.diag(L)).sum()
    return -0.5 * (eps**2).sum(0) - log_det - 0.5 * len(mu) * np.log(2 * np.pi)


# %% [markdown]
r"""
Its transform is $M_x(t)=e^{t^\top\mu}M_\epsilon(L^\top t)=\exp(t^\top\mu+\frac12t^\top\Sigma t)$. Hence $M_{Ax+b}(t)=e^{t^\top b}M_x(A^\top t)=\exp\bigl(t^\top(A\mu+b)+\frac12t^\top A\Sigma A^\top t\bigr)$, and by uniqueness *linear images of Gaussians are Gaussian*, also when $A$ is not square.

(gaussian-conditional)=
**Seeing one part.** Split a Gaussian vector into $a_1$, which is observed, and $a_2$, which is not; $u_1,u_2$ are their means, and $\Sigma_{11}$ is invertible. The marginal is a linear image, $a_1\sim\mathcal N(u_1,\Sigma_{11})$. For the conditional, take from $a_2$ the best linear guess and keep the rest:

$$
r=(a_2-u_2)-\Sigma_{21}\Sigma_{11}^{-1}(a_1-u_1).
$$

Then $\operatorname{Cov}(r,a_1)=\Sigma_{21}-\Sigma_{21}\Sigma_{11}^{-1}\Sigma_{11}=0$, and $r$ and $a_1$ are jointly Gaussian. For Gaussians zero covariance *is* independence (the exponent of the transform splits in two), so $r$ does not care what $a_1$ was. Its covariance is

$$
\operatorname{Var}[r]=\Sigma_{22}-2\,\Sigma_{21}\Sigma_{11}^{-1}\Sigma_{12}+\Sigma_{21}\Sigma_{11}^{-1}\Sigma_{11}\Sigma_{11}^{-1}\Sigma_{12}=\Sigma_{22}-\Sigma_{21}\Sigma_{11}^{-1}\Sigma_{12},
$$

and putting $a_1=z$ back,

$$
a_2\mid a_1=z\;\sim\;\mathcal N\bigl(u_2+\Sigma_{21}\Sigma_{11}^{-1}(z-u_1),\;\Sigma_{22}-\Sigma_{21}\Sigma_{11}^{-1}\Sigma_{12}\bigr).
$$ (eq-pr-conditional-gaussian)

The mean moves linearly with $z$; the covariance shrinks, whatever $z$ is, by the same amount. For the sister: 5 cm above the mean, with a spread of $\sqrt{1-\frac14}=0.87$ of what it was. And of a coin's message with 30 bits too many (ten heads), the first half took 15 of them on average (covariance with the whole: half of the whole's variance), with a spread of $\sqrt{1-\frac12}=0.71$ of what it was.
"""


# %%
def condition(u, Sigma, z):
    """Mean and covariance of the rest, given that the first len(z) coordinates are z."""
    k = len(z)
    gain = np.linalg.solve(Sigma[:k, :k], Sigma[:k, k:]).T  # Σ₂₁ Σ₁₁⁻¹
    return u[k:] + gain @ (z - u[:k]), Sigma[k:, k:] - gain @ Sigma[:k, k:]


# %% [markdown]
r"""
Drag the observation. On the left the red line cuts the hill at $a_1=z$; on the right stands the cut, rescaled to area 1, beside the marginal.
"""


# %% tags=["picture"]
def slice_at(z, rho):
    (mean,), ((var,),) = condition(
        np.zeros(2), np.array([[1, rho], [rho, 1]]), np.array([z])
    )
    fig, (left, right) = plt.subplots(
        1, 2, figsize=(6.8, 3.2), sharey=True, width_ratios=[3, 2]
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
With a function's values at a hundred places as coordinates, the same formula draws a curve through observations, with error bars: [a Gaussian process](#gaussian-process).
"""

# %% tags=["checks"]
rng = np.random.default_rng(15)
B = rng.normal(size=(4, 4))
mu, Sigma = rng.normal(size=4), B @ B.T + 0.5 * np.eye(4)
points = mu + 2 * rng.normal(size=(20, 4))
verify(
    "Gaussian log-density in 4 dimensions, against SciPy",
    log_density(points, mu, Sigma),
    stats.multivariate_normal(mu, Sigma).logpdf(points),
    atol=1e-10,
)
conditional = [
    log_density(x[None, 1:], *condition(mu, Sigma, x[:1]))[0] for x in points
]
verify(
    "conditional density is joint over marginal, 20 points",
    conditional,
    stats.multivariate_normal(mu, Sigma).logpdf(points)
    - stats.norm(mu[0], Sigma[0, 0] ** 0.5).logpdf(points[:, 0]),
    atol=1e-10,
)
verify(
    "conditional covariance: inverse of a block of the precision matrix",
    condition(mu, Sigma, mu[:2])[1],
    np.linalg.inv(np.linalg.inv(Sigma)[2:, 2:]),
    atol=1e-10,
)
halves = np.array([[1.0, 1 / 2], [1 / 2, 1 / 2]])  # whole message, its first half
(first_mean,), ((first_var,),) = condition(np.zeros(2), halves, np.array([10.0]))
exactly = stats.hypergeom(2000, 230, 1000)  # heads in the first half, 230 in all
verify(
    "2,000 tosses with 10 heads too many: in the first half, spread over that of any half",
    [exactly.mean() - 110, exactly.std() / stats.binom(1000, 0.11).std()],
    [first_mean, (first_var / halves[1, 1]) ** 0.5],
    rtol=0.03,
)
A, drawn = rng.normal(size=(2, 4)), rng.multivariate_normal(mu, Sigma, 50_000)
direction = np.array([0.6, -0.8])
verify_within_se(
    "images Ax of 50,000 draws: variance along a direction",
    ((drawn - mu) @ A.T @ direction) ** 2,
    direction @ A @ Sigma @ A.T @ direction,
)
verify(
    "the images' law along it: distance to the normal",
    stats.kstest(
        (drawn - mu)
        @ A.T
        @ direction
        / math.sqrt(direction @ A @ Sigma @ A.T @ direction),
        "norm",
    ).statistic,
    0.0,
    atol=1.95 / math.sqrt(50_000),
)

# %% [markdown]
r"""
**Try it.** $X_1,X_2$ are independent standard normals, and you are told that $X_1+X_2=z$. What are the mean and the variance of $X_1$ now?
"""

# %% tags=["yours"]
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
"""

# %% [markdown]
r"""
(pr-practice)=
## In practice

The formulas of this chapter live in `scipy.stats` and `scipy.special`. Mind three things: `stats.entropy(p, q)` is $\mathrm{KL}(p\,\|\,q)$, and silently rescales its arguments to sum 1; `jensenshannon` (in `scipy.spatial.distance`) returns the *root* of [its divergence](#jensen-shannon-divergence); both take `base=2`. PyTorch's `kl_div(input, target)` means $\mathrm{KL}(\text{target}\,\|\,\exp\text{input})$, wants the first as a logarithm, and by default divides by the number of *entries*: ask for `reduction="batchmean"`, with one law a row.

Work with *logarithms* of probabilities. A product of a few thousand of them underflows to zero; the sum of their logarithms does not. To add probabilities given by logarithms, take out the largest: $\log\sum_ie^{a_i}=m+\log\sum_ie^{a_i-m}$ with $m=\max a_i$. Here is a whole Bayesian analysis of the opening's first two thousand tosses (their probability, $3\cdot10^{-306}$, barely escapes): a thousand possible bends, updated toss by toss.
"""


# %%
def log_sum_exp(a):
    top = np.max(a)
    return top + np.log(np.sum(np.exp(a - top)))


def learn_bend(tosses, bends):
    log_belief = np.full(len(bends), -np.log(len(bends)))  # the prior
    bits = 0.0  # what an honest coder would have spent
    for heads in tosses:
        log_joint = log_belief + np.log(bends if heads else 1 - bends)
        log_evidence = log_sum_exp(log_joint)
        log_belief = log_joint - log_evidence  # the posterior, tomorrow's prior
        bits -= log_evidence / np.log(2)
    return np.exp(log_belief), bits


# %% tags=["set-up"]
bend_grid = (np.arange(1000) + 0.5) / 1000
two_thousand = opening_tosses.ravel()[:2000]
belief, learned_bits = learn_bend(two_thousand, bend_grid)
seen_heads = int(two_thousand.sum())
known_bits = information(np.where(two_thousand, 0.11, 0.89)).sum()
print(f"{seen_heads} heads of 2,000; posterior mean {belief @ bend_grid:.4f}")
print(f"bits spent by the learner {learned_bits:.1f}, by who knows {known_bits:.1f}")

# %% [markdown]
r"""
The learner, who knew nothing of the coin, pays only a few bits more than who knows, *in all*: on average one for every fourfold $n$, that is $\frac12\log_2n$ and a constant. And the compressors on every computer? A hundred thousand tosses, eight to a byte:
"""

# %% tags=["set-up"]
long_run = (np.random.default_rng(16).random(100_000) < 0.11).astype(np.uint8)
packed = np.packbits(long_run).tobytes()
told_bits = information(np.where(long_run, 0.11, 0.89)).sum()
squeezed = {
    "arithmetic code": sum(
        len(encode(m, [89, 11])) for m in long_run.reshape(25, 4000).tolist()
    )
}
n, h = long_run.size, int(long_run.sum())
squeezed["the learner"] = -special.betaln(h + 1, n - h + 1) / np.log(2)
for tool in (zlib, bz2, lzma):
    squeezed[tool.__name__] = 8 * len(tool.compress(packed))
plain = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_HUFFMAN_ONLY)
squeezed["zlib, no search"] = 8 * len(plain.compress(packed) + plain.flush())
print("bits a toss, over the information in the tosses")
for name, bits in squeezed.items():
    print(f"{name:16} {bits / 1e5:.3f}   {bits / told_bits:.3f}")

# %% [markdown]
r"""
(0.494 is a run with few heads; the last column allows for that.) The compressors pay 13 to 27 per cent too much, and not for having to learn the coin: the learner does that for about eight bits. `zlib` pays for looking for repetitions where there are only chance ones. Told not to look, it is a Huffman code of blocks of eight tosses and pays 3 per cent. Our coder's weights may change from symbol to symbol: let a model give $P(x_t\mid x_1,\dots,x_{t-1})$ at each step, and by [the chain rule](#eq-pr-chain) the bits add up to $-\log_2P(x_1,\dots,x_n)$. Every language model is a compressor, and its test loss, over $\ln2$, the file's bits a symbol. [Transformers](#headline-entropy-rate) are measured against just this limit.
"""

# %% tags=["checks"]
verify(
    "posterior mean of the bend: Laplace's rule",
    belief @ bend_grid,
    (seen_heads + 1) / 2002,
    rtol=1e-4,
)
verify(
    "bits the learner spent: −log₂ of h! t! / (n + 1)!",
    learned_bits,
    -special.betaln(seen_heads + 1, 2001 - seen_heads) / np.log(2),
    atol=1e-3,
)
many = np.log(np.random.default_rng(17).random(2000))
verify("2,000 probabilities: their product is", np.exp(many).prod(), 0.0)
verify(
    "log-sum-exp far below the smallest float, against SciPy",
    log_sum_exp(many - 2000),
    special.logsumexp(many - 2000),
    rtol=1e-12,
)
verify(
    "100,000 tosses by the arithmetic code: bits over information",
    squeezed["arithmetic code"] / told_bits,
    1.0,
    atol=25 * 2 / told_bits,
)
over, blind = [], []
for seed in range(4):
    run = (np.random.default_rng(30 + seed).random(100_000) < 0.11).astype(np.uint8)
    plain = zlib.compressobj(-1, zlib.DEFLATED, 15, 8, zlib.Z_HUFFMAN_ONLY)
    byte = np.packbits(run).tobytes()
    least = information(np.where(run, 0.11, 0.89)).sum()
    over.append([8 * len(tool.compress(byte)) / least for tool in (zlib, bz2, lzma)])
    blind.append(8 * len(plain.compress(byte) + plain.flush()) / least)
verify_at_least("zlib, bz2, lzma, four other runs: bits over information", over, 1.1)
table = 286 * 7 / told_bits  # at most: 286 lengths of words, 7 bits each
verify_at_most(
    "zlib told not to look, in the same runs: a Huffman code of blocks of eight",
    blind,
    block_bits[7] / coin_entropy + table,
)
costs = []
for n in (2000, 8000, 100_000):
    h = np.arange(n + 1)
    told = h * information(0.11) + (n - h) * information(0.89)
    spent = -special.betaln(h + 1, n - h + 1) / np.log(2)
    costs.append(stats.binom(n, 0.11).pmf(h) @ (spent - told))
verify(
    "what learning costs on average, 2,000, 8,000, 100,000 tosses: ½ log₂ of n/(2πe pq)",
    costs,
    np.log2(np.array([2000, 8000, 100_000]) / (2 * np.pi * np.e * 0.11 * 0.89)) / 2,
    atol=0.01,
)
p, q = np.array([0.7, 0.2, 0.1]), np.array([0.3, 0.3, 0.4])
verify("stats.entropy of counts is KL", stats.entropy(10 * p, 7 * q), kl(p, q))
import warnings

import torch

warnings.filterwarnings("ignore", "reduction: 'mean'")  # PyTorch warns of it, too
P, Q = np.random.default_rng(23).dirichlet(np.ones(5), (2, 7))  # seven laws each
torch_kl = lambda **how: torch.nn.functional.kl_div(
    torch.tensor(np.log(Q)), torch.tensor(P), **how
).item()
verify(
    "PyTorch's kl_div, seven pairs of laws on five symbols: per row, by default per entry",
    [torch_kl(reduction="batchmean"), torch_kl(reduction="mean")],
    [kl(P, Q).sum() / 7, kl(P, Q).sum() / 35],
    rtol=1e-9,
)

# %% [markdown]
r"""
(pr-beware)=
## Beware

**"Variance is the mean of the squares minus the square of the mean."** On paper. Near $10^9$ the squares are near $10^{18}$, where neighbouring floats are 128 apart, and the difference can only be a multiple of 128. *Welford's* update, in one pass too, loses next to nothing.

**"Enough data, and the average settles."** [The weak law](#eq-pr-weak-law), as proved here, needs a variance (a mean suffices). The Cauchy law has neither: its density falls like $1/x^2$, and the average of a hundred draws is spread exactly like one draw.

**"Count, and put the frequencies into the entropy."** The result is too low, by about $\frac{K-1}{2n}$ nats for $K$ symbols and $n$ draws: frequencies fit their own sample better than the truth does. Mutual information counted so is too high, by about $\frac{(K_x-1)(K_y-1)}{2n}$, and independent variables look dependent.

**"A density is a probability."** It may exceed 1, it has a unit, and a log-likelihood may be positive. In feet instead of metres the differential entropy $-\int f\log f$ moves by the logarithm of the unit, and it can be negative; divergences do not move.

**"No heads in five tosses, so heads are impossible."** That is the maximum-likelihood estimate. As a code, the first heads costs it infinitely many bits. Laplace's $\frac17$ costs 2.8.
"""


# %%
def welford(values):
    mean = total = 0.0
    for k, x in enumerate(values, start=1):
        step = x - mean
        mean = mean + step / k
        total = total + step * (x - mean)  # old distance times new distance
    return total / len(values)


# %% tags=["checks"]
small = np.random.default_rng(18).normal(size=1000)
far = 1e9 + small
verify(
    "Welford's variance near 10⁹", welford(far), np.var(far - 1e9), atol=np.spacing(1e9)
)
naive = [
    np.mean(x**2) - np.mean(x) ** 2
    for x in 1e9 + np.random.default_rng(18).normal(size=(10, 1000))
]
verify(
    "ten samples, mean of squares minus square of mean: over 128, off a whole number",
    np.mod(naive, 128),
    np.zeros(10),
)
verify_at_least("its error", abs(np.array(naive) - 1), 0.8)
cauchy = np.random.default_rng(19).standard_cauchy((20_000, 100)).mean(1)
verify(
    "averages of a hundred Cauchy draws: width of the middle half, as of one draw",
    np.subtract(*np.quantile(cauchy, [0.75, 0.25])),
    np.subtract(*stats.cauchy.ppf([0.75, 0.25])),
    rtol=0.05,
)
rng, n = np.random.default_rng(20), 200
samples = rng.multinomial(n, np.ones(8) / 8, 5000) / n
verify(
    "eight symbols, 200 draws: entropy of the frequencies minus the true one",
    np.mean(entropy(samples)) - np.log(8),
    -(8 - 1) / (2 * n),
    rtol=0.05,
)
tables = rng.multinomial(n, np.ones(16) / 16, 2000).reshape(-1, 4, 4) / n
verify(
    "independent X and Y, four values each, 200 draws: information counted",
    np.mean([mutual_information(T) for T in tables]),
    (4 - 1) * (4 - 1) / (2 * n),
    rtol=0.08,
)
metres, feet = (stats.norm(unit * 1, unit * 0.1) for unit in (1, 1 / 0.3048))
verify(
    "metres to feet: the differential entropy moves by the logarithm of the unit",
    feet.entropy() - metres.entropy(),
    -math.log(0.3048),
)
verify_at_most("normal with σ = 0.1: differential entropy", metres.entropy(), -0.8)
verify_at_least("and its density at the mean", metres.pdf(1), 3.0)

# %% [markdown]
r"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.

:::{exercise} A squared normal
:label: ex-pr-squared
$X\sim\mathcal N(0,1)$. Write the density of $Y=X^2$ for $y>0$.
:::
"""

# %% tags=["yours"]
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
$X$ is the number of tosses up to the first heads: $P(X=k)=p(1-p)^{k-1}$, $k\ge1$. Find its moment generating function, and the bits that it takes, on average, to tell $X$.
:::
"""

# %% tags=["yours"]
geometric = ...  # a function of p and t that returns (transform, bits)

exercise("pr-geometric").check(geometric)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A geometric series in $(1-p)e^t$. And $H(X)=H(p)/p$: the tosses cost $H(p)$ each, and there are $\frac1p$ of them on average.

```python
geometric = lambda p, t: (
    p * np.exp(t) / (1 - (1 - p) * np.exp(t)),
    entropy([p, 1 - p], 2) / p,
)
```

</details>

:::{exercise} A hard edge
:label: ex-pr-uniform
$x_1,\dots,x_n$ are uniform on $[0,\theta]$. What is the maximum-likelihood estimate of $\theta$? And which multiple of it is right on average?
:::
"""

# %% tags=["yours"]
uniform_mle = ...  # a function of an array x that returns (likeliest, right on average)

exercise("pr-uniform").check(uniform_mle)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The likelihood is $\theta^{-n}$ for $\theta\ge\max x_i$ and $0$ below: as small as the data allow, and always too small. $n$ points cut $[0,\theta]$ into $n+1$ pieces, all alike in law (the red ball once more), the last beyond the maximum: the maximum's mean is $\frac n{n+1}\theta$.

```python
uniform_mle = lambda x: (np.max(x), np.max(x) * (len(x) + 1) / len(x))
```

</details>

:::{exercise} Three laws
:label: ex-pr-three-questions
For three laws with average $m=\frac13(p+q+r)$ let $JS_3=\frac13\bigl(\mathrm{KL}(p\,\|\,m)+\mathrm{KL}(q\,\|\,m)+\mathrm{KL}(r\,\|\,m)\bigr)$. How large can it become, in nats?
:::
"""

# %% tags=["yours"]
three_laws = ...  # a number

exercise("pr-three-questions").check(three_laws)

# %% [markdown]
r"""
<details><summary>Solution</summary>

It is what a draw tells about which of three equally likely laws it came from: at most the entropy of a fair three-way choice, reached when the supports are disjoint.

```python
three_laws = np.log(3)
```

</details>

:::{exercise} Project: a coder that learns
:label: ex-pr-adaptive
Before toss $t+1$ let a coder believe in heads with probability $\frac{h_t+1}{t+2}$, where $h_t$ heads came in the first $t$ tosses: [Laplace's rule](#eq-pr-beta). Write the number of bits that this belief costs on a sequence of zeros and ones, 1 for heads. Then: show that it is $\log_2(n+1)+\log_2\binom nh$, say what the two terms tell the decoder, compare with $nH$, and put the changing weights into `encode` and `decode`.
:::
"""

# %% tags=["yours"]
adaptive = ...  # a function of an array x of zeros and ones

exercise("pr-adaptive").check(adaptive)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The product of the beliefs is $\frac{h!\,(n-h)!}{(n+1)!}$, whatever the order. First how many heads, one of $n+1$ answers; then which of the sequences with that many: the count of the opening, made honest.

```python
def adaptive(x):
    heads, bits = 0, 0.0
    for t, toss in enumerate(x):
        belief = (heads + 1) / (t + 2)
        bits -= math.log2(belief if toss else 1 - belief)
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
| Bayes | posterior $\propto$ likelihood $\times$ prior; a coin: $\mathrm{Beta}(a+h,b+t)$ | [rule](#eq-pr-bayes), [coin](#eq-pr-beta) |
| two stages | $\mathbb E[\mathbb E[X\mid Y]]=\mathbb E[X]$; variance within plus variance between | [mean](#eq-pr-iterated), [variance](#eq-pr-total-variance) |
| variance of a sum | $a^\top\Sigma a$; of a mean, $\sigma^2(\rho+\frac{1-\rho}n)$ | [sum](#eq-pr-sum-variance), [floor](#eq-pr-floor) |
| tails | $\mathbb E[Z]/c$; $\sigma^2/\epsilon^2$; $2e^{-2n\epsilon^2}$ for means of bounded variables; $e^{-n\,\mathrm{KL}(a\Vert\mu)}$ a side for coins | [Markov](#eq-pr-markov), [Chebyshev](#eq-pr-chebyshev), [Hoeffding](#eq-pr-hoeffding), [Chernoff](#eq-pr-chernoff) |
| entropy | $-\sum p\log p\le\log K$ | [definition](#eq-pr-entropy) |
| typical set | about $2^{nH}$ sequences of probability about $2^{-nH}$ hold nearly everything | [bounds](#eq-pr-typical), [count](#eq-pr-typical-count) |
| codes | $\sum2^{-l_x}\le1$, so $H\le L<H+1$; arithmetic: less than 2 bits a message | [Kraft](#eq-pr-kraft), [interval](#eq-pr-interval) |
| cross-entropy, KL | $H(p,q)=H(p)+\mathrm{KL}(p\,\Vert\,q)$, $\mathrm{KL}\ge0$ | [divergence](#eq-pr-kl) |
| maximum likelihood | least $\mathrm{KL}(\hat p\,\Vert\,p_\theta)$ | [estimate](#eq-pr-mle) |
| mutual information | $H(X)-H(X\mid Y)=\mathrm{KL}(\text{joint}\,\Vert\,\text{product})$ | [definition](#eq-pr-mutual-information) |
| central limit theorem | $M(t/\sqrt n)^n\to e^{t^2/2}$ | [limit](#eq-pr-clt) |
| Gaussian | image $A\Sigma A^\top$; given $z$: $u_2+\Sigma_{21}\Sigma_{11}^{-1}(z-u_1)$, $\Sigma_{22}-\Sigma_{21}\Sigma_{11}^{-1}\Sigma_{12}$ | [image](#eq-pr-transform), [conditional](#eq-pr-conditional-gaussian) |

**Further reading.** {cite:t}`shannon1948` founded all of this in one paper, a pleasure to read. {cite:t}`mackay2003` tells of the typical set, and in the sixth chapter of arithmetic codes; {cite:t}`cover2006` is the textbook of information. {cite:t}`deisenroth2020` has the probability that machine learning needs.
"""

# %% [markdown]
r"""
(pr-shelf)=
## The shelf

What the thread did not need stands here, to be consulted rather than read through: every entry can be read alone.
"""

# %% tags=["set-up"]
import sympy as sp
from scipy.spatial.distance import jensenshannon

# %% [markdown]
r"""
(cauchy-schwarz-for-expectations)=
### Cauchy–Schwarz for expectations

$\mathbb E[XY]$ is an [inner product](#induced-norm-and-distance) of random variables. For every number $t$, $0\le\mathbb E[(tX-Y)^2]=t^2\,\mathbb E[X^2]-2t\,\mathbb E[XY]+\mathbb E[Y^2]$, and at the best $t=\mathbb E[XY]/\mathbb E[X^2]$ this says

$$
\mathbb E[XY]^2\le\mathbb E[X^2]\,\mathbb E[Y^2].
$$ (eq-pr-cauchy-schwarz)

For centred variables, divided by the right side: the correlation $\operatorname{Cov}(X,Y)/\sqrt{\operatorname{Var}X\operatorname{Var}Y}$ lies in $[-1,1]$. (The squares stand inside the means: for $X=Y\sim\mathcal N(0,1)$ the left side is 1, and $\mathbb E[X]^2$ would be 0.)
"""

# %% tags=["checks"]
rng = np.random.default_rng(21)
X, Y = rng.normal(size=(2, 1000, 3))  # 1000 laws on three pairs of values
weights = rng.dirichlet(np.ones(3), 1000)
mean = lambda Z: (weights * Z).sum(1)
verify_at_least(
    "1000 random laws: E[X²] E[Y²] − E[XY]²",
    mean(X**2) * mean(Y**2) - mean(X * Y) ** 2,
    0.0,
    atol=1e-12,
)
best = mean(X * Y) / mean(X**2)
verify(
    "and what it gives away is the least E[(tX − Y)²], times E[X²]",
    mean(X**2) * mean(Y**2) - mean(X * Y) ** 2,
    mean(X**2) * mean((best[:, None] * X - Y) ** 2),
    atol=1e-12,
)

# %% [markdown]
r"""
(cdf-and-density)=
### Distribution function and density

A density is not a probability. What is one is the *distribution function* $F_X(t)=P(X\le t)$, and the density is its slope, where it has one:

$$
f_X(t)=F_X'(t),\qquad P(a<X\le b)=F_X(b)-F_X(a)=\int_a^bf_X(t)\,dt .
$$ (eq-pr-cdf)

From data, $F$ is easier to have than $f$: count. The largest distance of the counted $F$ to the true one exceeds $\sqrt{\ln(2/\delta)/2n}$ with probability at most $\delta$, whatever the law (Dvoretzky, Kiefer and Wolfowitz, with the constant of {cite:t}`massart1990`).
"""

# %% tags=["checks"]
t = np.linspace(0.2, 4, 50)
law = stats.gamma(2.5, scale=0.8)
verify(
    "gamma: slope of the distribution function, by differences, is the density",
    (law.cdf(t + 1e-5) - law.cdf(t - 1e-5)) / 2e-5,
    law.pdf(t),
    atol=1e-6,
)
many = np.sort(law.cdf(law.rvs((3000, 100), random_state=np.random.default_rng(22))))
above = np.arange(1, 101) / 100 - many
widest = np.maximum(above, 0.01 - above).max(1)
band = math.sqrt(math.log(2 / 0.1) / 200)
verify_within_se(
    "3000 samples of 100: how often the gap exceeds the bound for δ = 0.1, by Kolmogorov",
    widest > band,
    stats.kstwo(100).sf(band),
)
verify_at_most("and that is at most δ", stats.kstwo(100).sf(band), 0.1)

# %% [markdown]
r"""
(integration-by-substitution)=
### Integration by substitution

Let $F'=f$. The chain rule says $(F\circ g)'=f(g)\,g'$; integrate both sides:

$$
\int_a^bf(g(x))\,g'(x)\,dx=\int_{g(a)}^{g(b)}f(u)\,du .
$$ (eq-pr-substitution)

In several dimensions a small box at $x$ is mapped to one whose volume is $\lvert\det J_g(x)\rvert$ times larger, and this factor, without a sign, replaces $g'$. The classic case: $e^{-x^2}$ has no elementary antiderivative, but its square is an integral over the plane, and in polar coordinates, where $\lvert\det J\rvert=r$, it has one:

$$
\Bigl(\int e^{-x^2}dx\Bigr)^2=\int_0^{2\pi}\!\!\int_0^\infty e^{-r^2}r\,dr\,d\varphi=2\pi\Bigl[-\tfrac12e^{-r^2}\Bigr]_0^\infty=\pi .
$$ (eq-pr-polar)
"""

# %% tags=["checks"]
verify(
    "∫ x exp(x²) dx from 0 to 2, by quadrature; with u = x² it is (e⁴ − 1)/2",
    integrate.quad(lambda x: x * np.exp(x**2), 0, 2)[0],
    (math.exp(4) - 1) / 2,
    rtol=1e-10,
)
verify(
    "Gaussian integral, squared, by quadrature on the line",
    integrate.quad(lambda x: np.exp(-(x**2)), -np.inf, np.inf)[0] ** 2,
    math.pi,
    atol=1e-8,
)

# %% [markdown]
r"""
(density-of-scaled-variable)=
### Density of a scaled variable

For $\alpha>0$, $F_{\alpha Y}(z)=F_Y(z/\alpha)$. For $\alpha<0$ the order turns around, $F_{\alpha Y}(z)=1-F_Y(z/\alpha)$. Differentiate both; the two signs cancel:

$$
f_{\alpha Y}(z)=\frac1{|\alpha|}\,f_Y\Bigl(\frac z\alpha\Bigr).
$$ (eq-pr-scaled)

Without the bars the "density" of $-3Y$ would be negative.
"""

# %% tags=["checks"]
f_Y, alpha = stats.gamma(2).pdf, -3.0
draws = alpha * np.random.default_rng(23).gamma(2, size=200_000)
edges = np.linspace(-24, 0, 25)
mass = [
    integrate.quad(lambda z: f_Y(z / alpha) / abs(alpha), a, b)[0]
    for a, b in zip(edges, edges[1:])
]
counts = np.histogram(draws, edges)[0]
expected = 200_000 * np.array(mass)
verify_at_most(
    "−3 times a gamma: χ² misfit of a histogram of 24 bins to the density",
    ((counts - expected) ** 2 / expected).sum(),
    stats.chi2(24).ppf(1 - 1e-4),
)

# %% [markdown]
r"""
(density-of-sum-is-convolution)=
### The density of a sum is a convolution

Given $X=t$, the sum $X+Y$ lies at $z$ if $Y$ lies at $z-t$. By independence and [the sum rule](#eq-pr-sum),

$$
f_{X+Y}(z)=\int f_X(t)\,f_Y(z-t)\,dt=(f_X*f_Y)(z),
$$ (eq-pr-convolution)

the [convolution](#convolution) of the densities. Two uniforms give a triangle, three nearly a bell.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Densities of standardised sums of 1, 2, 3 and 8 uniform variables: a box, a triangle, a bell, and a bell on top of the dashed normal density."}}
box = np.ones(1000)  # uniform(0, 1) on a grid of step 0.001
uniform_sums = [box]
for _ in range(7):
    uniform_sums.append(1e-3 * np.convolve(uniform_sums[-1], box))


def standardised(n):
    """Places and density of the sum of n uniforms, mean 0 and variance 1."""
    sd, places = math.sqrt(n / 12), np.arange(len(uniform_sums[n - 1]))
    return ((places + n / 2) * 1e-3 - n / 2) / sd, sd * uniform_sums[n - 1]


fig, ax = plt.subplots(figsize=(6.8, 3.0))
for n, colour in ((1, plot.GREY), (2, plot.SKY), (3, plot.BLUE), (8, plot.RED)):
    ax.plot(*standardised(n), color=colour, label=str(n))
ax.plot(*(z := np.linspace(-4, 4, 200), stats.norm.pdf(z)), "--", color="black", lw=1)
ax.set(xlim=(-4, 4), xlabel="standardised sum", ylabel="density")
ax.legend(title="uniforms")
plt.show()

# %% tags=["checks"]
verify(
    "two uniforms: a triangle",
    uniform_sums[1],
    1 - abs((np.arange(1999) + 1) * 1e-3 - 1),
    atol=2e-3,
)
verify(
    "four and eight uniforms: largest distance to the normal density, Edgeworth's 3φ(0)/20n",
    [abs(f - stats.norm.pdf(z)).max() for z, f in map(standardised, (4, 8))],
    3 * stats.norm.pdf(0) / (20 * np.array([4, 8])),
    rtol=0.08,
)

# %% [markdown]
r"""
(mgf-moments)=
### Moments from the generating function

In $M_x(t)=\mathbb E[e^{t^\top x}]$ each $\partial/\partial t_i$ brings down one factor $x_i$; then put $t=0$:

$$
\mathbb E\bigl[x_1^{k_1}\cdots x_n^{k_n}\bigr]=\frac{\partial^{k_1+\dots+k_n}}{\partial t_1^{k_1}\cdots\partial t_n^{k_n}}M_x(t)\Big|_{t=0}.
$$ (eq-pr-moments)

Four derivatives of $\exp(\frac12t^\top\Sigma t)$ give a moment that is painful to integrate, $\mathbb E[x_1^2x_2^2]=\sigma_{11}\sigma_{22}+2\sigma_{12}^2$.
"""

# %% tags=["checks"]
t1, t2, s11, s12, s22 = sp.symbols("t1 t2 s11 s12 s22")
M = sp.exp((s11 * t1**2 + 2 * s12 * t1 * t2 + s22 * t2**2) / 2)
fourth = sp.diff(M, t1, 2, t2, 2).subs({t1: 0, t2: 0})
pairs = np.random.default_rng(24).multivariate_normal(
    [0, 0], [[2, 1.5], [1.5, 3]], 400_000
)
verify_within_se(
    "E[x₁²x₂²] by simulation: four derivatives of M",
    (pairs**2).prod(1),
    float(fourth.subs({s11: 2, s12: 1.5, s22: 3})),
)
verify("the formula", str(sp.expand(fourth)), str(s11 * s22 + 2 * s12**2))

# %% [markdown]
r"""
(mgf-uniqueness)=
### A transform belongs to one law

If two moment generating functions are finite around 0 and agree there, the laws are equal (we quote). So a law may be recognised by its transform: twelve independent Bernoulli variables have $(1-p+pe^t)^{12}$, the transform of the binomial.

Equal *moments* are not enough, if they grow too fast for $M$ to exist. The log-normal has no $M$: $e^{tx}$ beats its tail for every $t>0$. Heyde bent its density by a factor $1+\sin(2\pi\ln x)$ and left every moment $\mathbb E[x^k]$ as it was {cite:p}`heyde1963`.
"""

# %% tags=["checks"]
tosses = np.array([1.0])
for _ in range(12):
    tosses = np.convolve(tosses, [0.7, 0.3])
verify(
    "twelve Bernoulli(0.3) by convolution: the binomial law",
    tosses,
    stats.binom(12, 0.3).pmf(np.arange(13)),
    atol=1e-12,
)
z = np.linspace(-12, 20, 200_001)  # z = ln x is normal
bent = stats.norm.pdf(z) * (1 + np.sin(2 * np.pi * z))
verify(
    "bent log-normal: moments 1 to 6 are the log-normal's",
    [np.trapezoid(np.exp(k * z) * bent, z) for k in range(1, 7)],
    np.exp(np.arange(1, 7) ** 2 / 2),
    rtol=1e-6,
)
verify(
    "yet the laws differ: half the integral of the difference",
    np.trapezoid(abs(bent - stats.norm.pdf(z)), z) / 2,
    1 / np.pi,
    atol=1e-3,
)
partial = [
    integrate.quad(lambda x: np.exp(0.5 * x) * stats.lognorm(1).pdf(x), 1, end)[0]
    for end in (20, 40, 80)
]
verify_at_least(
    "log-normal, t = 0.5: E exp(tX) up to 40 over up to 20, up to 80 over up to 40",
    [partial[1] / partial[0], partial[2] / partial[1]],
    [100.0, 1e6],
)

# %% [markdown]
r"""
(mgf-bernoulli-and-binomial)=
(mgf-poisson)=
(mgf-gamma)=
### A table of transforms

| law | transform $M(t)$ | mean | variance |
|---|---|---|---|
| Bernoulli$(p)$ | $1-p+pe^t$ | $p$ | $p(1-p)$ |
| binomial$(n,p)$ | $(1-p+pe^t)^n$ | $np$ | $np(1-p)$ |
| Poisson$(\lambda)$ | $\exp(\lambda(e^t-1))$ | $\lambda$ | $\lambda$ |
| exponential, rate $\lambda$ | $\frac\lambda{\lambda-t}$, $t<\lambda$ | $\frac1\lambda$ | $\frac1{\lambda^2}$ |
| gamma, shape $\alpha$, scale $\beta$ | $(1-\beta t)^{-\alpha}$, $t<\frac1\beta$ | $\alpha\beta$ | $\alpha\beta^2$ |
| gamma, shape $\alpha$, rate $\beta$ | $\bigl(\frac\beta{\beta-t}\bigr)^\alpha$, $t<\beta$ | $\frac\alpha\beta$ | $\frac\alpha{\beta^2}$ |
| normal$(\mu,\sigma^2)$ | $\exp(\mu t+\frac12\sigma^2t^2)$ | $\mu$ | $\sigma^2$ |

Every $M(0)$ is 1. The Poisson row is the limit of the binomial one, $(1+\frac{\lambda(e^t-1)}n)^n\to e^{\lambda(e^t-1)}$: many rare chances. Gammas of equal scale add up to a gamma, by [the product rule](#eq-pr-mgf-sum); with whole $\alpha$ it is the time until the $\alpha$-th of many rare events.
"""

# %% tags=["checks"]
TABLE = [  # the law, and M as the table says
    (stats.bernoulli(0.35), lambda t: 1 - 0.35 + 0.35 * np.exp(t)),
    (stats.binom(10, 0.35), lambda t: (1 - 0.35 + 0.35 * np.exp(t)) ** 10),
    (stats.poisson(1.7), lambda t: np.exp(1.7 * (np.exp(t) - 1))),
    (stats.expon(scale=1 / 2.5), lambda t: 2.5 / (2.5 - t)),
    (stats.gamma(2.5, scale=0.4), lambda t: (1 - 0.4 * t) ** -2.5),
    (stats.gamma(2.5, scale=1 / 3), lambda t: (3 / (3 - t)) ** 2.5),
    (stats.norm(0.5, 0.8), lambda t: np.exp(0.5 * t + 0.8**2 * t**2 / 2)),
]


def from_definition(law, t):
    if hasattr(law.dist, "pmf"):
        k = np.arange(150)
        return np.exp(t * k) @ law.pmf(k)
    low, high = max(law.support()[0], -20), min(law.support()[1], 80)
    return integrate.quad(
        lambda x: np.exp(t * x) * law.pdf(x), low, high, points=[0.5, 5], limit=200
    )[0]


verify(
    "seven laws, M at −1, 0.3, 0.8: the table, against the definition",
    [[M(t) for t in (-1.0, 0.3, 0.8)] for _, M in TABLE],
    [[from_definition(law, t) for t in (-1.0, 0.3, 0.8)] for law, _ in TABLE],
    rtol=1e-7,
)
slopes = [(M(1e-4) - M(-1e-4)) / 2e-4 for _, M in TABLE]
bend = [(M(1e-3) - 2 * M(0) + M(-1e-3)) / 1e-6 for _, M in TABLE]
verify(
    "their slopes at 0 are the means, the second derivative gives the variances",
    np.c_[slopes, np.array(bend) - np.square(slopes)],
    [law.stats("mv") for law, _ in TABLE],
    rtol=1e-4,
)
t = np.linspace(-1, 1, 201)
gaps = [
    abs((1 + 1.7 * (np.exp(t) - 1) / n) ** n - np.exp(1.7 * (np.exp(t) - 1))).max()
    for n in (1000, 2000)
]
verify("binomial to Poisson: the gap halves", gaps[0] / gaps[1], 2.0, atol=0.02)

# %% [markdown]
r"""
(integration-by-parts)=
### Integration by parts, and Stein's identity

The product rule $(uv)'=u'v+uv'$, integrated and sorted:

$$
\int_a^bu\,v'\,dx=\bigl[uv\bigr]_a^b-\int_a^bu'\,v\,dx .
$$ (eq-pr-parts)

When the boundary term vanishes, a derivative moves from one factor to the other and leaves a minus sign; [score matching](#score-matching) rests on that. The Gaussian density $\phi$ has $\phi'(x)=-x\,\phi(x)$ and dies at both ends, so

$$
\mathbb E[x\,f(x)]=\int f\cdot x\phi\,dx=-\int f\,\phi'\,dx=\int f'\phi\,dx=\mathbb E[f'(x)].
$$ (eq-pr-stein)
"""

# %% tags=["checks"]
verify(
    "∫ x eˣ from 0 to 1 by quadrature: boundary e, minus ∫ eˣ = e − 1",
    integrate.quad(lambda x: x * np.exp(x), 0, 1)[0],
    1.0,
    rtol=1e-10,
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
(gaussian-kl-closed-form)=
### Divergence between Gaussians

With $\mathbb E_1[(x-\mu_2)^\top\Sigma_2^{-1}(x-\mu_2)]=\operatorname{tr}\Sigma_2^{-1}\Sigma_1+(\mu_2-\mu_1)^\top\Sigma_2^{-1}(\mu_2-\mu_1)$, and the same with 1 in place of 2, which is the dimension $d$, the mean of the log-ratio is

$$
\mathrm{KL}=\tfrac12\Bigl[\operatorname{tr}\Sigma_2^{-1}\Sigma_1+(\mu_2-\mu_1)^\top\Sigma_2^{-1}(\mu_2-\mu_1)-d+\log\frac{\det\Sigma_2}{\det\Sigma_1}\Bigr].
$$ (eq-pr-gaussian-kl)

Against a standard normal, with independent coordinates, it is the term that holds a variational autoencoder's code near the origin:

$$
\mathrm{KL}\bigl(\mathcal N(\mu,\operatorname{diag}\sigma^2)\,\|\,\mathcal N(0,I)\bigr)=\tfrac12\sum_j\bigl(\mu_j^2+\sigma_j^2-1-\log\sigma_j^2\bigr).
$$ (eq-pr-vae-kl)

Its gradient is $\mu$ in the mean and $\frac12(\sigma^2-1)$ in the log-variance: a spring to $0$ and a spring to $1$.
"""


# %% tags=["set-up"]
def gaussian_kl(mu1, S1, mu2, S2):
    L1, L2 = np.linalg.cholesky(S1), np.linalg.cholesky(S2)
    A = linalg.solve_triangular(L2, L1, lower=True)
    shift = linalg.solve_triangular(L2, mu2 - mu1, lower=True)
    log_det = 2 * np.log(np.diag(L2) / np.diag(L1)).sum()
    return 0.5 * ((A**2).sum() + shift @ shift - len(mu1) + log_det)


def kl_to_standard(mu, log_var):
    return 0.5 * np.sum(mu**2 + np.exp(log_var) - 1 - log_var)


# %% tags=["checks"]
rng = np.random.default_rng(25)
B, C = rng.normal(size=(2, 4, 4))
S1, S2 = B @ B.T + 0.5 * np.eye(4), C @ C.T + np.eye(4)
m1, m2, log_var = rng.normal(size=(3, 4))
draws = rng.multivariate_normal(m1, S1, 50_000)
verify_within_se(
    "4 dimensions: mean of the log-ratio of SciPy's densities over 50,000 draws",
    stats.multivariate_normal(m1, S1).logpdf(draws)
    - stats.multivariate_normal(m2, S2).logpdf(draws),
    gaussian_kl(m1, S1, m2, S2),
)
verify(
    "the special formula is the general one",
    kl_to_standard(m1, log_var),
    gaussian_kl(m1, np.diag(np.exp(log_var)), np.zeros(4), np.eye(4)),
    atol=1e-12,
)
slopes = [
    [
        (kl_to_standard(m1 + e, log_var) - kl_to_standard(m1 - e, log_var)) / 2e-5,
        (kl_to_standard(m1, log_var + e) - kl_to_standard(m1, log_var - e)) / 2e-5,
    ]
    for e in 1e-5 * np.eye(4)
]
verify(
    "its gradient: μ, and (σ² − 1)/2",
    slopes,
    np.c_[m1, (np.exp(log_var) - 1) / 2],
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

The *Jensen–Shannon divergence* is symmetric, and since $m\ge\frac12p$ no log-ratio exceeds $\log2$: $0\le JS\le\log2$, whatever the number of outcomes, with $\log2$ exactly when the laws have nothing in common. It is a mutual information: toss a fair coin, draw from $p$ or $q$ accordingly; $JS$ is what the draw tells about the coin, so at most one bit. Its square root is a metric {cite:p}`endres2003`.

One thing it does badly. Push two normals apart: once they no longer overlap, $JS$ stays at $\log2$ however far they are. A generator trained by it alone would feel no slope, whereas $\mathrm{KL}=\frac12g^2$ keeps growing.
"""


# %% tags=["set-up"]
def js(p, q):
    m = (p + q) / 2
    return kl(p, m) / 2 + kl(q, m) / 2


def js_normals(g):
    x = np.linspace(-10, g + 10, 4001)
    p, q = stats.norm.pdf(x), stats.norm.pdf(x - g)
    terms = special.rel_entr(p, (p + q) / 2) + special.rel_entr(q, (p + q) / 2)
    return np.trapezoid(terms, x) / 2


# %% tags=["picture"]
def apart_by(g):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0))
    x, gaps = np.linspace(-4, 16, 300), np.linspace(0, 12, 25)
    left.fill_between(x, stats.norm.pdf(x), color=plot.BLUE, alpha=0.5)
    left.fill_between(x, stats.norm.pdf(x - g), color=plot.RED, alpha=0.5)
    left.set(xlabel="$x$", ylabel="density")
    right.plot(gaps, [js_normals(a) for a in gaps], color=plot.BLUE, label="JS")
    right.plot(gaps[:4], gaps[:4] ** 2 / 2, color=plot.GREY, label="KL")
    right.axhline(np.log(2), ls=":", color=plot.GREY)
    right.plot(g, js_normals(g), "o", color=plot.RED)
    right.set(ylim=(0, 1.05), xlabel="$g$", title=f"JS = {js_normals(g):.4f}")
    right.legend(loc="lower right")
    return fig


explore(
    apart_by,
    alt="Left two normal densities at distance g, right their Jensen-Shannon divergence against g: it rises, bends over and stays at log 2, while KL leaves the picture",
    g=[1.0, 0.0, 2.0, 4.0, 6.0, 10.0],
)

# %% tags=["checks"]
rng = np.random.default_rng(26)
p, q, r = rng.dirichlet(np.full(10, 0.3), (3, 2000))
verify(
    "JS of 2000 pairs, against SciPy's root squared",
    js(p, q),
    jensenshannon(p, q, axis=1) ** 2,
    atol=1e-12,
)
verify_at_least(
    "detour in the root of JS, over the direct way",
    js(p, q) ** 0.5 + js(q, r) ** 0.5 - js(p, r) ** 0.5,
    0.0,
    atol=1e-12,
)
apart = np.zeros((2, 20))
apart[0, :10], apart[1, 10:] = p[0], q[0]
verify("twenty outcomes, disjoint laws: JS is log 2", js(*apart), math.log(2))
verify(
    "JS is the mutual information of a fair coin and the draw",
    mutual_information(np.array([p[0], q[0]]) / 2),
    js(p[0], q[0]),
    atol=1e-12,
)
verify_at_most(
    "normals: JS from distance 9.5 to 10.5 rises by",
    js_normals(10.5) - js_normals(9.5),
    1e-5,
)

# %% [markdown]
r"""
(forward-and-reverse-kl)=
### Forward or reverse divergence?

The asymmetry of $\mathrm{KL}$ decides what a poor model does. Fit one Gaussian $q$ to a mixture $p$ with two humps. *Forward*, $\mathrm{KL}(p\,\|\,q)$, fines $q$ for every place where $p$ is and $q$ is not: it covers both. *Reverse*, $\mathrm{KL}(q\,\|\,p)$, which is what [variational inference](#elbo) lowers, fines $q$ for being where $p$ is not. Its best fit sits on the larger hump. But what a descent finds depends on where it starts:
"""


# %% tags=["set-up"]
hump_x = np.linspace(-10, 10, 2001)
two_humps = 0.6 * stats.norm.pdf(hump_x, -2, 0.6) + 0.4 * stats.norm.pdf(hump_x, 2, 0.6)


def fit_by(objective, start):
    """Mean, deviation and price of the Gaussian that Nelder and Mead find from a start."""
    density = lambda s: stats.norm.pdf(hump_x, s[0], np.exp(s[1])) + 1e-300
    best = optimize.minimize(
        lambda s: 0.01 * np.sum(objective(density(s))),
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-6, "fatol": 1e-10},
    )
    return np.array([best.x[0], np.exp(best.x[1]), best.fun])


forward_fit = fit_by(lambda q: special.rel_entr(two_humps, q), [0.0, 0.0])
reverse_fits = [
    fit_by(lambda q: special.rel_entr(q, two_humps), [start, 0.0])
    for start in (-1.0, 0.0, 1.0)
]

# %% tags=["picture"] mystnb={"image": {"alt": "A density with two humps. The forward fit is one wide bell over both. Three reverse fits from three starts: a narrow bell on the larger hump, price 0.51; one on the smaller, 0.91; and a wide bell over both, 1.14."}}
fig, ax = plt.subplots(figsize=(6.8, 3.2))
ax.fill_between(hump_x, two_humps, color=plot.SKY, alpha=0.4, label="two humps, $p$")
bell = stats.norm.pdf(hump_x, *forward_fit[:2])
ax.plot(hump_x, bell, color=plot.BLUE, label="forward")
for fit, style in zip(reverse_fits, ("-", ":", "--")):
    bell = stats.norm.pdf(hump_x, *fit[:2])
    ax.plot(hump_x, bell, style, color=plot.RED, label=f"reverse, {fit[2]:.2f} nats")
ax.set(xlim=(-6, 6), xlabel="$x$", ylabel="density")
ax.legend(fontsize=9)
plt.show()

# %% [markdown]
r"""
Three minima of the same loss. The cheapest picks the larger hump, at $-\ln0.6$ nats; another picks the smaller; the third covers both after all. "Reverse $\mathrm{KL}$ seeks a mode" is a statement about the best of them.
"""

# %% tags=["checks"]
mean = 0.6 * -2 + 0.4 * 2
verify(
    "forward KL: mean and variance of the fit are the mixture's",
    [forward_fit[0], forward_fit[1] ** 2],
    [mean, 0.6**2 + 4 - mean**2],
    rtol=1e-3,
)
verify(
    "reverse KL from −1: the larger hump, at −ln 0.6",
    reverse_fits[0],
    [-2, 0.6, -math.log(0.6)],
    atol=0.01,
)
verify(
    "reverse KL from 1: the smaller hump, at −ln 0.4",
    reverse_fits[2],
    [2, 0.6, -math.log(0.4)],
    atol=0.01,
)
verify_at_least("reverse KL from 0: it covers both, deviation", reverse_fits[1][1], 1.5)
verify_at_least(
    "and costs more than the best, nats", reverse_fits[1][2] + math.log(0.6), 0.5
)

# %% [markdown]
r"""
(bernoulli-log-likelihood)=
### The log-likelihood of yes and no

For labels $t_n\in\{0,1\}$ and predicted probabilities $\hat p_n$, the exponents in $\hat p_n^{t_n}(1-\hat p_n)^{1-t_n}$ choose the right factor, and the log-likelihood is

$$
\log\prod_n\hat p_n^{t_n}(1-\hat p_n)^{1-t_n}=\sum_nt_n\log\hat p_n+(1-t_n)\log(1-\hat p_n),
$$ (eq-pr-bernoulli)

minus [the loss of logistic regression](#binary-cross-entropy-loss). Always take the sum: the product underflows.
"""

# %% tags=["checks"]
rng = np.random.default_rng(27)
p_hat = rng.uniform(0.05, 0.95, 3000)
labels = (rng.random(3000) < p_hat).astype(int)
sums = labels * np.log(p_hat) + (1 - labels) * np.log(1 - p_hat)
chances = stats.bernoulli(p_hat).pmf(labels)
verify(
    "20 labels: the sum is the logarithm of the product",
    sums[:20].sum(),
    math.log(chances[:20].prod()),
    atol=1e-10,
)
verify("3000 labels: the product, in floating point", chances.prod(), 0.0)

# %% [markdown]
r"""
(gaussian-maximum-likelihood)=
### Maximum likelihood for a Gaussian

The log-likelihood is, up to a constant, $-\frac n2\log\det\Sigma-\frac12\sum_i(x_i-\mu)^\top\Sigma^{-1}(x_i-\mu)$. Its gradient in $\mu$ is $\Sigma^{-1}\sum_i(x_i-\mu)$. In the precision $\Lambda=\Sigma^{-1}$ it is $\frac n2\Lambda^{-1}-\frac12\sum_i(x_i-\mu)(x_i-\mu)^\top$, since $\nabla\log\det\Lambda=\Lambda^{-1}$. Both vanish, if $\hat\Sigma$ is invertible, at a maximum ($\hat\mu$ is best for every $\Lambda$, and what remains is concave in $\Lambda$):

$$
\hat\mu=\frac1n\sum_ix_i,\qquad \hat\Sigma=\frac1n\sum_i(x_i-\hat\mu)(x_i-\hat\mu)^\top .
$$ (eq-pr-gaussian-ml)

$\hat\mu$ lies nearer to the data than $\mu$ does, and by its own variance $\frac1n\Sigma$: $\mathbb E\hat\Sigma=\Sigma-\frac1n\Sigma=\frac{n-1}n\Sigma$, biased downwards, which dividing by $n-1$ repairs.
"""

# %% tags=["checks"]
rng = np.random.default_rng(28)
X = rng.multivariate_normal([0.5, -0.3], [[1.0, 0.8], [0.8, 1.5]], 200)  # (n, d)
m, S = X.mean(0), (X - X.mean(0)).T @ (X - X.mean(0)) / 200
fit_of = lambda mu, Sigma: stats.multivariate_normal(mu, Sigma).logpdf(X).mean()
moves = [(e, np.zeros((2, 2))) for e in np.eye(2)]
moves += [(np.zeros(2), np.array(E)) for E in ([[1, 0], [0, 0]], [[0, 1], [1, 0]])]
verify(
    "slopes of the likelihood at the estimates, by differences",
    [
        (fit_of(m + 1e-5 * e, S + 1e-5 * E) - fit_of(m - 1e-5 * e, S - 1e-5 * E)) / 2e-5
        for e, E in moves
    ],
    np.zeros(4),
    atol=1e-8,
)
verify_within_se(
    "samples of five: mean of the estimated variance is 0.8 σ²",
    rng.normal(0, 3, (20_000, 5)).var(1),
    (5 - 1) / 5 * 9,
)

# %% [markdown]
r"""
(log-derivative-trick)=
### A gradient through a random draw

Sometimes the law itself is what one adjusts: raise $\mathbb E_{x\sim p_\theta}[f(x)]$, where $f$ cannot be differentiated, a reward, say. Since $\nabla\log p=\nabla p/p$,

$$
\nabla_\theta p_\theta(x)=p_\theta(x)\,\nabla_\theta\log p_\theta(x),\qquad \nabla_\theta\,\mathbb E_{p_\theta}[f]=\int f\,\nabla_\theta p_\theta\,dx=\mathbb E_{p_\theta}\bigl[f(x)\,\nabla_\theta\log p_\theta(x)\bigr].
$$ (eq-pr-score)

With $f=1$ the left side is the derivative of 1: the *score* $\nabla_\theta\log p_\theta$ has mean zero, so a constant may be subtracted from $f$. If $f$ can be differentiated, *reparametrise* instead, $x=\theta+\epsilon$, and differentiate under the mean. Both are right on average; compare their noise. For $f(z)=z^2$, $z\sim\mathcal N(\theta,1)$ at $\theta=1$ the score estimate is $(1+\epsilon)^2\epsilon$, with variance 30; with the constant 2 subtracted, 18; the other is $2(1+\epsilon)$, with variance 4.
"""

# %% tags=["checks"]
eps, weights = np.polynomial.hermite_e.hermegauss(12)  # exact up to degree 23
weights = weights / weights.sum()
z = 1 + eps
estimates = np.array([z**2 * eps, (z**2 - 2) * eps, 2 * z, eps])
means = estimates @ weights
verify("three estimates of the gradient 2θ, and the score itself", means, [2, 2, 2, 0])
verify(
    "variances: score, score with a constant subtracted, reparametrised",
    (estimates[:3] ** 2) @ weights - means[:3] ** 2,
    [30, 18, 4],
    rtol=1e-10,
)
draws = np.random.default_rng(29).normal(1.0, 1.0, 200_000)
score = (stats.norm.logpdf(draws, 1 + 1e-4) - stats.norm.logpdf(draws, 1 - 1e-4)) / 2e-4
verify_within_se(
    "|z| by simulation: the score estimate of d/dθ E|z| at θ = 1 is 2Φ(1) − 1",
    abs(draws) * score,
    2 * stats.norm.cdf(1) - 1,
)
