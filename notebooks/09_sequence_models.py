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

Here is a task a child can do. You are read a list of 200 numbers between 0 and 1. Twice, somewhere, a bell rings. At the end, name the sum of the two numbers at which it rang. A network that never heard the bell would answer 1 and be wrong by $\frac16$ in mean square. A *recurrent neural network*, the textbook machine for sequences, after the training of this chapter: still $\frac16$.

The reason is visible before any training. Take such a network fresh from the shelf, let it read 20 numbers, and ask how much its last output moves when one input moves (mean over 200 sequences).
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
import itertools
import math
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from mnist1d.data import get_dataset_args, make_dataset
from torch import nn
from torch.func import jacrev

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
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
g = torch.Generator().manual_seed(0)
rng = np.random.default_rng(0)
normal = lambda *shape: torch.randn(*shape, generator=g)

# %% mystnb={"image": {"alt": "Logarithmic plot: the influence of input t on the last output of an untrained recurrent network falls exponentially, by more than four orders of magnitude, from t = 20 to t = 1."}}
torch.manual_seed(1)
shelf = nn.RNN(1, 8, batch_first=True)
x = torch.cat([normal(1, 20, 1), torch.randn(199, 20, 1)]).requires_grad_()
influence = torch.autograd.grad(shelf(x)[0][:, -1].sum(), x)[0][..., 0].abs().mean(0)

plt.semilogy(range(1, 21), influence, "o-")
plt.xlabel("input $t$")
plt.ylabel(r"$|\partial y_{20}/\partial x_t|$")
plt.xticks(range(2, 21, 2))
plt.show()

# %%
verify_at_most(
    "torch's RNN(1, 8), untrained: influence of x₁ on y₂₀ over that of x₂₀",
    influence[0] / influence[-1],
    1e-2,
)

# %% [markdown]
r"""
Twenty steps, and the first number has all but vanished. This chapter explains the exponential decay, bounds its rate, and builds networks without it. Afterwards you will be able to

- **turn** text and time series into prediction problems, and **say** what the best possible loss is,
- **derive** word embeddings, backpropagation through time, and the rate at which gradients vanish,
- **build** RNN, LSTM, GRU, linear recurrent units and sequence-to-sequence models from scratch and match PyTorch to rounding,
- **train** gated networks that hear the bell over 200 steps.

It builds on [the chain rule for Jacobians](#jacobian-chain-rule), on [singular values](#singular-value-decomposition), on [the softmax](#softmax) and on [convolutions](#discrete-convolution); [transformers](#transformers-chapter) come next. All cells run in about half a minute on one core. A sequence is $x_1,\dots,x_T$, in code `(batch, time, d)`; $h_t$ is a hidden state; logarithms are natural.
"""

# %% [markdown]
r"""
(sequential-data)=
## Order is information

A *sequence* is an ordered list of observations $x_1,\dots,x_T$: a time series, the path of a particle, the motion of a shape, words, letters. The tasks are three: predict the next element, label the whole, map one sequence to another. Each type has a generator below, a line or two long.
"""


# %%
def ar2(T, a, rng):
    """Noisy oscillation x_t = a₁x_{t−1} + a₂x_{t−2} + ξ_t, ξ_t standard normal."""
    x = np.zeros(T + 500)
    for t in range(2, len(x)):
        x[t] = a[0] * x[t - 1] + a[1] * x[t - 2] + rng.normal()
    return x[500:]  # the start at zero is forgotten


def turning_square(T, rng):  # the motion of a shape, (T, 4 corners, 2)
    angle = np.cumsum(rng.normal(0.1, 0.05, T))[:, None] + np.arange(4) * np.pi / 2
    return np.stack([np.cos(angle), np.sin(angle)], -1)


def walks(n, T, d, rng):  # paths of n particles, (n, T, d)
    return np.cumsum(rng.normal(size=(n, T, d)), axis=1)


def markov_text(T, P, rng):  # text in len(P) symbols, each drawn given the last
    cumulative, u, s = np.cumsum(P, 1), rng.random(T), [0]
    for t in range(1, T):
        s.append(int((u[t] > cumulative[s[-1]]).sum()))
    return np.array(s)


# %% [markdown]
r"""
The oscillation has the complex roots $re^{\pm i\omega}$ of $z^2=a_1z+a_2$, so $a_1=2r\cos\omega$, $a_2=-r^2$. Fit a linear predictor from the last two values. Nothing can predict the innovation $\xi_t$, whose variance is 1. Then shuffle the same numbers in time. A linear predictor sees only the autocovariances $\gamma_k$, which solve the Yule–Walker equations $\gamma_k=a_1\gamma_{k-1}+a_2\gamma_{k-2}$ with $\gamma_0=a_1\gamma_1+a_2\gamma_2+1$.
"""


# %%
def lags(x, p):  # rows (x_{t−1}, …, x_{t−p}) and their targets x_t
    return np.stack([x[p - k : len(x) - k] for k in range(1, p + 1)], 1), x[p:]


def fit_mse(x, p):
    X, y = lags(x - x.mean(), p)
    w = np.linalg.lstsq(X, y, rcond=None)[0]
    return w, ((y - X @ w) ** 2).mean()


r, omega = 0.98, 0.3
a = np.array([2 * r * np.cos(omega), -(r**2)])
series = ar2(20000, a, rng)
w, mse = fit_mse(series, 2)
rho1 = a[0] / (1 - a[1])  # γ₁ = a₁γ₀ + a₂γ₁
variance = 1 / (1 - a[0] * rho1 - a[1] * (a[0] * rho1 + a[1]))
verify("AR(2): fitted weights are those of the generator", w, a, atol=0.01)
verify(
    "AR(2): mean squared error of the fit is the innovation variance",
    mse,
    1.0,
    rtol=0.03,
)
verify(
    "AR(2): variance of the series, from the Yule–Walker equations",
    series.var(),
    variance,
    rtol=0.15,
)
shuffled = rng.permutation(series)
verify(
    "shuffled in time: error of the best fit over the variance of the series",
    fit_mse(shuffled, 2)[1] / series.var(),
    1.0,
    rtol=0.01,
)
square = turning_square(50, rng)
verify(
    "turning square: every corner keeps its distance 1",
    (square**2).sum(-1),
    np.ones((50, 4)),
    atol=1e-12,
)
turned = np.angle(square[1:, 0] @ [1, 1j] / (square[:-1, 0] @ [1, 1j]))
verify_within_se("turning square: mean angle of a step", turned, 0.1)

# %% [markdown]
r"""
Same numbers, same histogram: without their order the error is 140 times larger.

(brownian-motion-prediction)=
**A walk.** A particle in space moves by $x_{t+1}=x_t+\xi_t$ with $\xi_t\sim\mathcal N(0,\sigma^2I_3)$. Given the past, the mean of $x_{t+1}$ is $x_t$: the best prediction is to stay, with error $\mathbb E\|\xi_t\|^2=3\sigma^2$ that no model can lower. And since the steps are independent, $\mathbb E\|x_t-x_0\|^2=3\sigma^2t$. A linear model of the last five positions has to find the weights $(1,0,0,0,0)$ by itself.
"""

# %%
paths = walks(2000, 1000, 3, rng)
for t in (10, 100, 1000):
    squares = (paths[:, t - 1] ** 2).sum(-1)
    verify_within_se(
        f"2000 walks in space: mean squared displacement after {t} steps",
        squares,
        3.0 * t,
    )
X = np.stack([paths[:, 104 - k : 104 - k + 40] for k in range(1, 6)], -1)
X, y = X.reshape(-1, 5), paths[:, 104:144].reshape(-1)  # every coordinate is an example
half = len(y) // 2
w = np.linalg.lstsq(X[:half], y[:half], rcond=None)[0]
verify("walk: fitted weights of the last five positions", w, [1, 0, 0, 0, 0], atol=0.03)
residual = ((y - X @ w)[half:].reshape(-1, 3) ** 2).sum(-1)
verify("walk: test error is the irreducible 3σ²", residual.mean(), 3.0, rtol=0.02)

# %% [markdown]
r"""
(tokenization-words-characters)=
**Text** becomes a sequence once we say what a symbol is. "the little brown fox" is 4 words or 20 characters. Words make sequences short and vocabularies large, characters the other way round. A symbol is an index, or the [one-hot vector](#standard-basis-one-hot) of that index.
"""

# %%
fox = "the little brown fox"
verify(
    "the little brown fox: words and characters", (len(fox.split()), len(fox)), (4, 20)
)
# from Lewis Carroll, Alice's Adventures in Wonderland (1865)
alice = (
    "alice was beginning to get very tired of sitting by her sister on the bank "
    "and of having nothing to do once or twice she had peeped into the book her "
    "sister was reading but it had no pictures or conversations in it and what is "
    "the use of a book thought alice without pictures or conversations"
)


def frequencies(tokens):
    return np.array(list(Counter(tokens).values())) / len(tokens)


entropy = lambda p: -(p * np.log(p)).sum()
print("token       length  vocabulary  entropy (nats)")
for name, tokens in (("characters", list(alice)), ("words", alice.split())):
    vocabulary = sorted(set(tokens))
    index = np.array([vocabulary.index(token) for token in tokens])
    one_hot = np.eye(len(vocabulary))[index]  # (T, V)
    p = frequencies(tokens)
    print(f"{name:<11} {len(tokens):>6} {len(vocabulary):>11} {entropy(p):>14.2f}")
    verify(
        f"{name}: token, index, one-hot and back",
        "".join(vocabulary[i] for i in one_hot.argmax(1)),
        "".join(tokens),
    )
    verify(
        f"{name}: entropy is the mean surprise of the tokens",
        entropy(p),
        -np.mean([math.log(tokens.count(t) / len(tokens)) for t in tokens]),
    )

# %% [markdown]
r"""
(sequence-to-sequence-model)=
**One set of weights for every length.** An MLP on the concatenated sequence has its length built in. A layer is *sequence-to-sequence* if the same weights map a sequence of any length to one of that length. One MLP shared by all positions is such a layer, a lonely one: no position hears of another, and its [Jacobian](#jacobian) is block diagonal. Convolutions, recurrent networks and [self-attention](#simple-self-attention) let positions talk.

:::{admonition} Sharing is not optional
:class: correction
**The notes say** that $k$ distinct MLPs, one for each position of a sequence of length $k$, already handle other lengths, and that sharing their weights is a further, optional constraint.

**Right is:** without sharing there is no MLP for position $k+1$. Sharing is what makes the layer independent of the length.
:::
"""


# %%
def outcome(f):
    try:
        return tuple(f().shape)
    except (RuntimeError, IndexError) as error:
        return type(error).__name__


torch.manual_seed(0)
whole, conv = nn.Linear(30, 30), nn.Conv1d(3, 3, 3, padding=1)
shared = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 3))
distinct = [nn.Linear(3, 3) for _ in range(10)]
layers = {
    "shared MLP": shared,
    "convolution": lambda x: conv(x.mT).mT,
    "RNN": lambda x, net=nn.RNN(3, 3, batch_first=True): net(x)[0],
    "self-attention": lambda x: (x @ x.mT).softmax(-1) @ x,
}
verify(
    "an MLP on ten concatenated positions refuses twelve",
    outcome(lambda: whole(normal(1, 12, 3).flatten(1))),
    "RuntimeError",
)
verify(
    "ten distinct MLPs have none for position 12",
    outcome(lambda: torch.stack([distinct[t](normal(3)) for t in range(12)])),
    "IndexError",
)
for name, f in layers.items():
    verify(
        f"{name}: the same weights run on lengths 5, 10 and 50",
        tuple(outcome(lambda: f(normal(1, T, 3)))[1] for T in (5, 10, 50)),
        (5, 10, 50),
    )
J = jacrev(lambda x: shared(x))(normal(6, 3))  # (6, 3, 6, 3)
blocks = J.abs().sum((1, 3))  # (6, 6): how much output i hears of input j
verify(
    "shared MLP: its Jacobian is block diagonal",
    blocks,
    torch.diag(blocks.diag()),
    atol=1e-15,
)

# %% [markdown]
r"""
(causal-layer)=
A layer is *causal* if $y_i$ depends on $x_1,\dots,x_i$ only: its Jacobian is lower triangular. A model that is to predict the future must not read it, so whether a layer is causal decides what it may be trained for. A convolution of width 3 is causal when all its padding is on the left.
"""

# %% mystnb={"image": {"alt": "Four Jacobian patterns of eight by eight: causal convolution a band on and below the diagonal, padded convolution a band around it, RNN a full lower triangle, self-attention full."}}
kernel = normal(3)
convolve = lambda x, left, right: F.conv1d(
    F.pad(x[None, None], (left, right)), kernel[None, None]
)[0, 0]
one, two = (
    nn.RNN(1, 4, batch_first=True),
    nn.RNN(1, 4, batch_first=True, bidirectional=True),
)
attend = lambda x: torch.outer(x, x).softmax(-1) @ x
maps = {
    "causal conv": lambda x: convolve(x, 2, 0),
    "padded conv": lambda x: convolve(x, 1, 1),
    "RNN": lambda x: one(x[None, :, None])[0][0].sum(-1),
    "self-attention": attend,
    "bidirectional": lambda x: two(x[None, :, None])[0][0].sum(-1),
}
J = {name: jacrev(f)(normal(8)) for name, f in maps.items()}
fig, axes = plt.subplots(1, 4, figsize=(6.8, 2.1), sharey=True)
for ax, name in zip(axes, J):
    ax.imshow(J[name].detach() != 0, cmap="Blues", vmin=0, vmax=1.6)
    ax.set(title=name, xlabel="input", xticks=[], yticks=[])
    ax.grid(False)
axes[0].set_ylabel("output")
plt.show()

# %%
tril = torch.ones(8, 8, dtype=torch.bool).tril()
band = tril & ~tril.tril(-3)
verify(
    "causal convolution of width 3: y_i depends on x_{i−2}, x_{i−1}, x_i and no other",
    J["causal conv"] != 0,
    band,
)
verify(
    "padded convolution: it sees one step into the future",
    J["padded conv"] != 0,
    torch.ones(8, 8, dtype=torch.bool).tril(1).triu(-1),
)
verify("RNN: all of the past, none of the future", J["RNN"] != 0, tril)
for name in ("self-attention", "bidirectional"):
    verify(
        f"{name}: every output depends on every input", bool((J[name] != 0).all()), True
    )

# %% [markdown]
r"""
(autoregressive-modelling)=
## Guess the next

No labels are needed to learn from sequences: the next element *is* the label. A model reads $x_1,\dots,x_{t-1}$ and gives a distribution over $x_t$; the loss, with the true $x_t$ revealed afterwards, is the cross-entropy $-\sum_t\log p_\theta(x_t\mid x_{<t})$. The word `hello!` is a lesson of five questions: after `h` comes `e`, after `he` comes `l`, and so on.

(autoregressive-sequence-factorization)=
**Nothing is lost** by going one step at a time. The product rule, applied $T-1$ times, says for every distribution over sequences

$$
p(x_1,\dots,x_T)=p(x_1)\,p(x_2\mid x_1)\,p(x_3\mid x_1,x_2)\cdots=\prod_{t=1}^Tp(x_t\mid x_{<t}) .
$$ (eq-sq-chain)

No assumption yet. The assumption is in the model that sums up the prefix, for instance in a recurrent state of 5 numbers. Whatever its weights, each factor is a softmax and sums to one, so the probabilities of all strings must as well.
"""

# %%
word = "hello!"
inputs, targets = word[:-1], word[1:]
verify("hello!: inputs and targets", (inputs, targets), ("hello", "ello!"))
torch.manual_seed(2)
cell, head = nn.RNNCell(3, 5), nn.Linear(5, 3)


@torch.no_grad()
def next_log_probabilities(prefix):  # a random network reads the prefix
    h = torch.zeros(1, 5)
    for s in prefix:
        h = cell(torch.eye(3)[[s]], h)
    return (3 * head(h)).log_softmax(-1)[0]


table = {
    s: next_log_probabilities(s)
    for T in range(4)
    for s in itertools.product(range(3), repeat=T)
}
log_p = {
    s: float(sum(table[s[:t]][s[t]] for t in range(4)))
    for s in itertools.product(range(3), repeat=4)
}
verify(
    "random RNN: the probabilities of all 81 strings sum to one",
    sum(math.exp(v) for v in log_p.values()),
    1.0,
    atol=1e-10,
)

# %% [markdown]
r"""
Drawing $x_1$, then $x_2$ given $x_1$, and so on, is called *ancestral sampling*. Its frequencies have to be those of the product.
"""


# %%
def ancestral(n, rng):
    strings = []
    for _ in range(n):
        s = ()
        while len(s) < 4:
            s += (int(rng.choice(3, p=table[s].exp().numpy())),)
        strings.append(s)
    return strings


drawn = Counter(ancestral(4000, rng))
p81 = np.exp(list(log_p.values()))
z = [(drawn[s] / 4000 - p) / math.sqrt(p * (1 - p) / 4000) for s, p in zip(log_p, p81)]
verify_at_most(
    "81 strings: frequencies of ancestral samples, errors in standard errors",
    np.abs(z),
    4.5,
)
verify("… their mean square", np.mean(np.square(z)), 1.0, atol=0.6)

# %% [markdown]
r"""
**How low can the loss go?** The cross-entropy of a model $q$ exceeds that of the truth by a Kullback–Leibler divergence, which is never negative. So the expected loss of any model that reads the past is at least the entropy of the next symbol given the past, the *entropy rate*. For a Markov chain with matrix $P$ and long-run frequencies $\pi$ it is $-\sum_i\pi_i\sum_jP_{ij}\log P_{ij}$. A model that beats it is cheating: it saw the answer. To demonstrate, two linear models read a chain: one gets $x_i$ and predicts $x_{i+1}$, the other has a layer that is not causal and gets $x_{i+1}$ too.
"""

# %%
P = np.array([[0.88, 0.08, 0.04], [0.10, 0.80, 0.10], [0.06, 0.06, 0.88]])
pi = np.linalg.matrix_power(P, 500)[0]
surprise = -(P * np.log(P)).sum(1)  # entropy of the next symbol after each symbol
rate = pi @ surprise
text = torch.tensor(markov_text(100_000, P, rng))


def train_linear(X, y, steps=20):  # full-batch LBFGS on a convex loss
    W = torch.zeros(X.shape[1], 3, requires_grad=True)
    opt = torch.optim.LBFGS([W], max_iter=steps)

    def closure():
        opt.zero_grad()
        loss = F.cross_entropy(X @ W, y)
        loss.backward()
        return loss

    opt.step(closure)
    return W.detach(), F.cross_entropy(X @ W, y).item()


E3 = torch.eye(3)[text[:20_000]]
now, following = E3[:-1], E3[1:]
W, causal = train_linear(now, text[1:20_000])
W_cheat, cheat = train_linear(torch.cat([now, following], 1), text[1:20_000])
block2 = (pi[:, None] * P).ravel()  # frequencies of pairs
verify(
    "entropy rate: entropy of two symbols minus that of one",
    rate,
    entropy(block2) - entropy(pi),
    rtol=1e-9,
)
verify(
    "causal model: its loss is the entropy rate of the source", causal, rate, rtol=0.02
)
verify("causal model: learned conditional probabilities", W.softmax(-1), P, atol=0.02)
verify_at_most(
    "a layer that sees the next symbol: loss (entropy rate 0.5)", cheat, 0.01
)

# %% [markdown]
r"""
(perplexity)=
**Perplexity** is the loss made readable: the number of equally likely choices that would be as hard,

$$
\mathrm{PPL}=\exp\Bigl(-\frac1N\sum_{i=1}^N\ln q(x_i\mid x_{<i})\Bigr)=2^H,\qquad H=-\frac1N\sum_{i=1}^N\log_2q(x_i\mid x_{<i}) .
$$ (eq-sq-ppl)

:::{admonition} The base must match
:class: correction
**The notes say** that the perplexity is $2^H$ with an unnamed logarithm in $H$, in a second formula they write $q(x_i)$, and they equate the expectation with the average over a sample.

**Right is:** $2^H$ goes with bits and $e^H$ with nats; the probabilities are conditional, $q(x_i\mid x_{<i})$; and the sample average only estimates the expectation.
:::
"""


# %%
def perplexity(q):  # q: the probabilities given to what then came
    return np.exp(-np.log(q).mean())


t = text.numpy()
q = P[t[:-1], t[1:]]  # the true conditional probabilities
verify(
    "uniform prediction over 7 tokens: perplexity 7",
    perplexity(np.full(50, 1 / 7)),
    7.0,
    rtol=1e-10,
)
verify(
    "chain of 100,000 symbols: perplexity is e to the entropy rate",
    perplexity(q),
    math.exp(rate),
    rtol=0.01,
)
verify(
    "perplexity from bits is that from nats",
    2 ** (-np.log2(q).mean()),
    perplexity(q),
    rtol=1e-10,
)
verify(
    "base 2 with natural logarithms: perplexity to the power ln 2, too small",
    2 ** (-np.log(q).mean()) / perplexity(q),
    perplexity(q) ** (math.log(2) - 1),
    rtol=1e-10,
)
verify_at_least(
    "q(x_i) in place of q(x_i | x_{<i}): perplexity over the right one",
    perplexity(pi[t]) / perplexity(q),
    1.5,
)
parts = -np.log(q[:99_900]).reshape(100, -1).mean(1)  # 100 pieces of the text
verify_within_se(
    "one piece of text only estimates: mean loss of 100 pieces", parts, float(rate)
)

# %% [markdown]
r"""
(sequential-sampling)=
### Writing

To generate, take a beginning, compute the distribution of what comes next, draw, append, repeat. Our author has a small grammar: "I like to eat" is followed by `hot` or `cold`; after `hot` come `dogs` 8 times in 10, else `pancakes`. A *bigram* model counts which word follows which. *Greedy* decoding always takes the likeliest word and always writes the same sentence; a *temperature* $\tau$ interpolates, $p_\tau\propto p^{1/\tau}$.
"""


# %%
def sentence(rng):
    end = (
        ["hot", rng.choice(["dogs", "pancakes"], p=[0.8, 0.2])]
        if rng.random() < 0.6
        else ["cold", rng.choice(["soup", "pizza"], p=[0.5, 0.5])]
    )
    return ["I", "like", "to", "eat", *map(str, end), "."]


corpus = [sentence(rng) for _ in range(4000)]
counts = Counter(pair for s in corpus for pair in itertools.pairwise(s))
follow = {w: {v: n for (u, v), n in counts.items() if u == w} for w, _ in counts}


def p_next(w, tau=1.0):
    words, n = list(follow[w]), np.array(list(follow[w].values()), float)
    p = (n / n.max()) ** (1 / tau)
    return words, p / p.sum()


def write(start, rng, tau=1.0, greedy=False):
    s, p = [start], 1.0
    while s[-1] != ".":
        words, q = p_next(s[-1], tau)
        i = int(q.argmax()) if greedy else rng.choice(len(q), p=q)
        s, p = s + [words[i]], p * q[i]
    return s, p


# %%
written = [write("hot", rng) for _ in range(4000)]
verify_within_se(
    "4000 sentences of our own: dogs follow hot 8 times out of 10",
    [float(s[1] == "dogs") for s, _ in written],
    0.8,
)
s, p = write("I", rng)
verify(
    "probability of a sampled sentence is the product of its conditionals",
    p,
    math.prod(counts[a, b] / sum(follow[a].values()) for a, b in itertools.pairwise(s)),
    rtol=1e-12,
)
verify(
    "greedy decoding writes the mode every time",
    {" ".join(write("I", rng, greedy=True)[0]) for _ in range(20)}
    == {"I like to eat hot dogs ."},
    True,
)
c = p_next("hot")[1][p_next("hot")[0].index("dogs")]
verify(
    "temperature ½ squares the odds of dogs",
    float(max(p_next("hot", 0.5)[1])),
    c**2 / (c**2 + (1 - c) ** 2),
    rtol=1e-12,
)


# %% tags=["hide-input"]
def heat(tau):
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.0), sharey=True)
    for ax, w in zip(axes, ("eat", "hot")):
        words, p = p_next(w, tau)
        order = sorted(range(2), key=lambda i: words[i])
        ax.bar([words[i] for i in order], [p[i] for i in order], color=plot.BLUE)
        ax.set(title=f"after “{w}”", ylim=(0, 1.05))
    axes[0].set_ylabel("probability")
    return fig


explore(
    heat,
    tau=[1.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.5, 2.5, 5.0, 20.0],
    alt="Bars of the probabilities of the words after eat and after hot; low temperature leaves one word, high temperature makes both equal",
)

# %% [markdown]
r"""
(noisy-channel-language-modelling)=
**A language model as a prior.** Before neural translation, a model of good English, learned from plenty of English, was combined with a rough dictionary by Bayes' rule,

$$
\Pr(\text{target}\mid\text{source})\propto\Pr(\text{source}\mid\text{target})\,\Pr(\text{target}) .
$$ (eq-sq-channel)

A spelling corrector is the small version. Fifty words of four letters; each letter is flipped with probability 0.3; which word was it, given the word before?

:::{admonition} Large language models invert no channel
:class: correction
**The notes say** that large language models use this Bayes-rule paradigm.

**Right is:** it is the *noisy-channel* view of statistical translation. Language models today compute $p(x_t\mid x_{<t})$ directly. What carries over is that much monolingual text makes the conditional task easier.
:::
"""

# %%
letters = "abcde"
vocab = [tuple(rng.choice(list(letters), 4)) for _ in range(50)]
codes = np.array([[letters.index(c) for c in w] for w in vocab])  # (50, 4)
prior = rng.dirichlet(np.full(50, 0.1), 50)  # row w: what follows word w
flip = 0.3
said = markov_text(3000, prior, rng)
heard = np.where(
    rng.random((3000, 4)) < flip,
    (codes[said] + rng.integers(1, 5, (3000, 4))) % 5,
    codes[said],
)
log_like = np.where(heard[:, None] == codes, math.log(1 - flip), math.log(flip / 4))
log_like = log_like.sum(-1)  # (3000, 50): the letters are independent given the word
log_prior = np.log(prior[said[:-1]] + 1e-300)  # the word before is known here
decoded = (log_like[1:] + log_prior).argmax(1)
by_prior, by_likelihood = (
    np.mean(d == said[1:]) for d in (decoded, log_like[1:].argmax(1))
)
verify_at_least(
    "spelling: points gained by the prior over the likelihood alone",
    by_prior - by_likelihood,
    0.2,
)
posterior = np.exp(log_like[1:] + log_prior)
posterior /= posterior.sum(1, keepdims=True)
verify_within_se(
    "spelling: the posterior knows how often it is right",
    (decoded == said[1:]) - posterior.max(1) + 1,
    1.0,
)


def score(i, w):  # the product in Bayes' rule, letter by letter
    p = prior[said[i - 1], w]
    for a, b in zip(heard[i], codes[w]):
        p *= 1 - flip if a == b else flip / 4
    return p


verify(
    "the decoder's choice maximises the product, by enumeration",
    [max(range(50), key=lambda w: score(i, w)) for i in range(1, 60)],
    decoded[:59],
)

# %% [markdown]
r"""
(word-embedding)=
## Words as vectors

A one-hot vector says that *cat* differs from *dog* exactly as much as from *Tuesday*. An *embedding* gives each word $w$ of the vocabulary a vector $x_w\in\mathbb R^d$, a row of a table that is learned; then inner products can say who resembles whom, and a sentence becomes a matrix (length, $d$). Looking up a row is the same as multiplying by a one-hot vector, so the gradient reaches only the rows that were used. Tables learned once, such as word2vec {cite:p}`mikolov2013`, are reused by other models.
"""

# %%
torch.manual_seed(0)
table_ = nn.Embedding(7, 3)
index = torch.tensor([2, 5, 2])
verify(
    "embedding lookup is one-hot times table",
    table_(index),
    F.one_hot(index, 7).double() @ table_.weight,
    atol=0.0,
    rtol=1e-15,
)
table_(index).sum().backward()
verify(
    "its gradient counts how often each row was used",
    table_.weight.grad[:, 0],
    [0, 0, 2, 0, 0, 1, 0],
    atol=1e-15,
)

# %% [markdown]
r"""
(pointwise-mutual-information)=
**What should $x_v^\top x_w$ be?** How much more often two words meet than chance would have it, on a logarithmic scale:

$$
\operatorname{pmi}(v,w)=\log\frac{p(v,w)}{p(v)\,p(w)}=\log\frac{p(v\mid w)}{p(v)}\approx x_v^\top x_w+\text{const}.
$$ (eq-sq-pmi)

Zero under independence, positive for words that seek each other. If $M$ is the symmetric matrix of all pmi values, the [best approximation of rank $d$](#low-rank-approximation) keeps the $d$ eigenvalues largest in modulus, and its squared error is the sum of the squares of the rest.
"""


# %% mystnb={"image": {"alt": "Error of the best rank-d approximation of a pmi matrix of twelve words against d: it falls steeply and is zero at d = 12."}}
def pmi(p):  # p: joint frequencies (V, V)
    return np.log(p / np.outer(p.sum(1), p.sum(0)))


p = rng.gamma(1.0, size=(12, 12))
p = (p + p.T) / (p + p.T).sum()
M = pmi(p)
lam, Q = np.linalg.eigh(M)
keep = np.argsort(-np.abs(lam))
error = [
    np.linalg.norm(M - (Q[:, k] * lam[k]) @ Q[:, k].T)
    for d in range(13)
    for k in [keep[:d]]
]
plt.plot(range(13), error, "o-")
plt.xlabel("dimension $d$")
plt.ylabel("error (Frobenius)")
plt.show()

# %%
verify(
    "pmi: log p(v|w)/p(v) is the same",
    np.log((p / p.sum(0)) / p.sum(1)[:, None]),
    M,
    atol=1e-12,
)
verify(
    "pmi of independent words is zero",
    pmi(np.outer(p.sum(1), p.sum(0))),
    np.zeros((12, 12)),
    atol=1e-12,
)
sv = np.linalg.svd(M, compute_uv=False)
verify(
    "error of rank d: root of the squares of the singular values left out",
    error,
    np.sqrt([(sv[d:] ** 2).sum() for d in range(13)]),
    atol=1e-10,
)

# %% [markdown]
r"""
(skip-gram)=
**Skip-gram** {cite:p}`mikolov2013` learns vectors by predicting the words around each word. The pairs within distance $R$ are $\mathcal C_R=\{(i,j):1\le|i-j|\le R\}$; each word has an input vector $z_w$ and an output vector $x_v$, and one maximises

$$
\sum_t\sum_{\ell\ne0,\,|\ell|\le R}\log p_\theta(w_{t+\ell}\mid w_t),\qquad\log p_\theta(v\mid w)=x_v^\top z_w-\log\sum_ue^{x_u^\top z_w} .
$$ (eq-sq-skip)

With $d$ as large as the vocabulary the logits are free, so the optimum is the empirical $p(v\mid w)$, and the loss its conditional entropy.
"""


# %%
def pairs(words, R):  # (centre, context) for all pairs within distance R
    T = len(words)
    return [
        (words[i], words[j]) for i in range(T) for j in range(T) if 1 <= abs(i - j) <= R
    ]


C5 = Counter(pairs("abcab", 2))  # distances 1: ab bc ca ab; 2: ac ba cb; and back
verify(
    "five words, R = 2: pairs counted by hand",
    tuple(C5["a", c] for c in "abc") + tuple(C5["b", c] for c in "abc"),
    (0, 3, 2, 3, 0, 2),
)
verify("five words, R = 2: number of pairs", len(pairs("abcab", 2)), 14)

# %%
P6 = rng.dirichlet(np.full(6, 0.8), 6)
corpus6 = markov_text(3000, P6, rng)
N = np.zeros((6, 6))  # N[w, v]: how often v stands near w
for shift in (1, 2):
    np.add.at(N, (corpus6[:-shift], corpus6[shift:]), 1)
    np.add.at(N, (corpus6[shift:], corpus6[:-shift]), 1)
short = Counter(pairs(corpus6[:200].tolist(), 2))
N200 = np.zeros((6, 6))
for shift in (1, 2):
    np.add.at(N200, (corpus6[: 200 - shift], corpus6[shift:200]), 1)
verify(
    "first 200 words: pairs by the definition and by shifts",
    [[short[w, v] for v in range(6)] for w in range(6)],
    (N200 + N200.T).astype(int),
)


# %%
def minimise(loss, parameters, steps=300):
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


Z, X = (normal(6, 6).requires_grad_() for _ in range(2))  # input and output vectors
weight = torch.tensor(N / N.sum())
skip_loss = lambda: -(weight * (Z @ X.T).log_softmax(-1)).sum()
reached = minimise(skip_loss, [Z, X])
conditional = N / N.sum(1, keepdims=True)
verify(
    "skip-gram, d = 6 = vocabulary: learned p(v|w) is the empirical one",
    (Z @ X.T).softmax(-1),
    conditional,
    atol=1e-3,
)
verify(
    "… and its loss the conditional entropy of the pairs",
    reached,
    -(N / N.sum() * np.log(np.maximum(conditional, 1e-300))).sum(),
    rtol=1e-5,
)

# %% [markdown]
r"""
(negative-sampling)=
**Negative sampling.** The sum over all $u$ costs $|V|$ inner products for every pair. Instead, let the model tell true pairs from $k$ noise words drawn from $p_n(v)\propto p(v)^\alpha$:

$$
\max\sum_{(i,j)\in\mathcal C_R}\Bigl[\log\sigma(x_{w_i}^\top z_{w_j})+k\,\mathbb E_{v\sim p_n}\log\sigma(-x_v^\top z_{w_j})\Bigr],
$$ (eq-sq-neg)

which takes $k+1$ inner products. What is learned? Let $m=x_v^\top z_w$ be free. It appears with weight $p(v,w)$ in the first term and $k\,p_n(v)\,p(w)$ in the second, and since $\frac{d}{dm}\log\sigma(\pm m)=\pm\sigma(\mp m)$, the optimum has

$$
p(v,w)\,\sigma(-m)=k\,p_n(v)\,p(w)\,\sigma(m)
\quad\Longrightarrow\quad
e^m=\frac{\sigma(m)}{\sigma(-m)}=\frac{p(v,w)}{k\,p_n(v)\,p(w)} .
$$

For $\alpha=1$ that is $m=\operatorname{pmi}(v,w)-\log k$ {cite:p}`levy2014`. The gradient descent below knows nothing of logarithms of ratios.
"""


# %%
def negative_objective(m, p, k, noise):
    pw = p.sum(0)
    return (p * F.logsigmoid(m)).sum() + k * (
        torch.outer(noise, pw) * F.logsigmoid(-m)
    ).sum()


p4 = torch.tensor(rng.dirichlet(np.full(16, 2.0)).reshape(4, 4))
p4 = (p4 + p4.T) / 2
for k, alpha in ((3, 1.0), (5, 0.75)):
    noise = p4.sum(1) ** alpha / (p4.sum(1) ** alpha).sum()
    m = torch.zeros(4, 4, requires_grad=True)
    minimise(lambda: -negative_objective(m, p4, k, noise), [m])
    shift = torch.log(p4.sum(1) / noise)[:, None]  # zero for alpha = 1
    verify(
        f"negative sampling, k = {k}, α = {alpha:g}: optimum is pmi − log k"
        + (" + log p/pₙ" if alpha < 1 else ""),
        m,
        torch.tensor(pmi(p4.numpy())) + shift - math.log(k),
        atol=1e-3,
    )
draws = rng.choice(4, (2000, 3), p=p4.sum(1).numpy())  # k = 3 noise words a pair
logits = normal(4)
estimates = F.logsigmoid(-logits)[torch.tensor(draws)].sum(1)
verify_within_se(
    "k sampled noise words estimate k times the mean under the noise",
    estimates,
    float(3 * (p4.sum(1) * F.logsigmoid(-logits)).sum()),
)

# %% [markdown]
r"""
In practice $\alpha=\frac34$: rare words are drawn more often than they occur. A word with 0.1 % of the text, beside one with 90 %:
"""

# %%
p = np.array([0.9, 0.09, 0.009, 0.001])
print("alpha   noise probabilities")
for alpha in (1.0, 0.75, 0.5, 0.0):
    noise = p**alpha / (p**alpha).sum()
    print(f"{alpha:<7} " + "  ".join(f"{v:.4f}" for v in noise))
    verify(
        f"α = {alpha:g}: odds of rarest against commonest word are 900 to the −α",
        noise[3] / noise[0],
        900**-alpha,
        rtol=1e-9,
    )

# %% [markdown]
r"""
Now a corpus with three topics, nine words each; a sentence stays within its topic, except for three filler words. We factor the optimum: skip-gram with negative sampling and $d=2$, to be looked at.
"""

# %%
topics = np.repeat(np.arange(3), 9)  # words 0 … 26, and fillers 27, 28, 29
N = np.full((30, 30), 0.0)
for _ in range(3000):
    topic = rng.integers(3)
    s = np.where(
        rng.random(6) < 0.3, rng.integers(27, 30, 6), 9 * topic + rng.integers(0, 9, 6)
    )
    for i, j in itertools.permutations(range(6), 2):
        if abs(i - j) <= 2:
            N[s[i], s[j]] += 1
p30 = torch.tensor(N / N.sum())
Z = (0.1 * normal(30, 2)).requires_grad_()  # one table for both roles
minimise(lambda: -negative_objective(Z @ Z.T, p30, 1, p30.sum(1)), [Z], 60)
U = F.normalize(Z.detach()[:27], dim=1)
cosine = (U @ U.T).numpy()
same = topics[:, None] == topics
gap = cosine[same & ~np.eye(27, dtype=bool)].mean() - cosine[~same].mean()
verify(
    "three topics 120° apart: mean cosine within minus mean cosine between",
    gap,
    1 - math.cos(2 * math.pi / 3),
    rtol=0.01,
)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Scatter plot of 27 word vectors in the plane: three tight bundles in three directions, one for each topic, and three filler words near the origin."}}
plt.figure(figsize=(6.8, 3.6))
for k, c in enumerate((plot.BLUE, plot.ORANGE, plot.GREEN)):
    plt.scatter(*Z.detach()[:27][topics == k].T, color=c, label=f"topic {k + 1}")
plt.scatter(*Z.detach()[27:].T, color=plot.GREY, marker="x", label="fillers")
plt.gca().set(aspect="equal", xlabel="$z_1$", ylabel="$z_2$")
plt.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
r"""
Nobody told the words their topic; they were told by the company they keep.

(embedding-language-model)=
**From words to histories.** Replace the centre word by everything said so far: $\log p(v\mid w_1,\dots,w_{t-1})=x_v^\top z_{\mathbf w}+\text{const}$, a word vector against an embedding $z_{\mathbf w}$ of the history, normalised by the softmax. If the text depends on its last two symbols, the embedding must hold both.
"""

# %%
P2 = rng.dirichlet(np.full(3, 0.4), (3, 3))  # p(next | last but one, last)
s = [0, 0]
for u in rng.random(20_000):
    s.append(int((u > np.cumsum(P2[s[-2], s[-1]])).sum().clip(0, 2)))
s = np.array(s)
block = np.full((3, 3), 1 / 9)
for _ in range(500):
    block = (block[:, :, None] * P2).sum(0)  # long-run frequencies of pairs
H2 = -(block[:, :, None] * P2 * np.log(P2)).sum()
joint = (block[:, :, None] * P2).sum(0)  # (last, next)
H1 = -(joint * np.log(joint / joint.sum(1, keepdims=True))).sum()


def history_model(code, size, d=3):  # z: one vector for every history
    Z, X = (normal(n, d).requires_grad_() for n in (size, 3))
    freq = np.zeros((size, 3))
    np.add.at(freq, (code, s[2:]), 1 / len(code))
    freq = torch.tensor(freq)
    return minimise(lambda: -(freq * (Z @ X.T).log_softmax(-1)).sum(), [Z, X])


verify(
    "history of two symbols embedded: loss is the conditional entropy",
    history_model(3 * s[:-2] + s[1:-1], 9),
    H2,
    rtol=0.02,
)
verify(
    "history of one symbol: loss is the larger entropy given one symbol",
    history_model(s[1:-1], 3),
    H1,
    rtol=0.02,
)
verify_at_least("what the last but one symbol is worth (nats)", H1 - H2, 0.1)

# %% [markdown]
r"""
(one-dimensional-convolution)=
## Windows over time

How to embed a history, or a sentence, of any length? One answer is known from [images](#discrete-convolution): slide a filter of width $k$ along time. Over one-hot or embedded symbols it detects $k$-grams, at all positions at once. Beware of the layout: text comes as (batch, length, channels), torch's `Conv1d` wants (batch, channels, length).
"""


# %%
def conv_loops(x, W, b):  # x: (T, c), W: (out, c, k): y_t = b + Σ_j W_j x_{t+j}
    k, T = W.shape[2], len(x)
    return torch.stack(
        [b + sum(W[:, :, j] @ x[t + j] for j in range(k)) for t in range(T - k + 1)]
    )


conv, x = nn.Conv1d(4, 5, 3), normal(2, 9, 4)
verify(
    "Conv1d, transposed there and back, is the loop over windows",
    conv(x.mT).mT[1],
    conv_loops(x[1], conv.weight, conv.bias),
    atol=1e-12,
)
digits = torch.tensor(rng.integers(0, 10, (4000, 30)))
digits[::2, 11:14] = torch.tensor([3, 1, 4])  # half of them for certain
digits[1::4, 5:8] = torch.tensor([3, 4, 1])  # near misses
has = np.array(["314" in "".join(map(str, row)) for row in digits.tolist()])
pi_net = nn.Conv1d(10, 1, 3)
with torch.no_grad():  # one filter, set by hand: a row of 3, 1, 4, and the threshold
    pi_net.weight.copy_(F.one_hot(torch.tensor([3, 1, 4]), 10).T[None])
    pi_net.bias.fill_(-2.5)
    found = pi_net(F.one_hot(digits, 10).double().mT).amax(-1)[:, 0] > 0
verify(
    "does 3-1-4 occur: one width-3 filter and a maximum over time, errors of 4000",
    int((found.numpy() != has).sum()),
    0,
)

# %% [markdown]
r"""
(text-cnn)=
**A CNN for text** {cite:p}`kim2014`: stack the word vectors into a matrix, convolve with filters of several widths, and keep of each channel only its maximum over time. What is left has the same size for every length, and a softmax $p(v\mid w)\propto e^{\langle y_v,z_w\rangle}$ predicts. "not bad" is praise and "not good" is not, wherever they stand; a *bag of words*, which only counts, cannot see who stands beside whom.
"""

# %%
words = ["", "good", "bad", "not"] + [f"filler{i}" for i in range(8)]


def reviews(n, rng):
    x, y = np.zeros((n, 15), int), rng.integers(0, 2, n)  # 0: padding
    for row, label in zip(x, y):
        T = rng.integers(6, 16)
        row[:T] = rng.integers(4, 12, T)
        negated = rng.random() < 0.5
        i = rng.integers(1, T - 2)
        row[i] = 1 if label != negated else 2
        if negated:
            row[i - 1] = 3
        else:  # a "not" that belongs to nothing
            row[i + 2 if i + 2 < T else 0] = 3
    return torch.tensor(x), torch.tensor(y)


class TextCNN(nn.Module):
    def __init__(self, widths=(1, 2), channels=8):
        super().__init__()
        self.embed = nn.Embedding(12, 8, padding_idx=0)
        self.convs = nn.ModuleList(nn.Conv1d(8, channels, k) for k in widths)
        self.out = nn.Linear(channels * len(widths), 2)

    def features(self, x):  # (batch, length) to (batch, channels · widths)
        e = self.embed(x).mT
        return torch.cat([conv(e).relu().amax(-1) for conv in self.convs], 1)

    def forward(self, x):
        return self.out(self.features(x))


def train(model, batch, steps, lr=0.01, clip=1.0):
    """Adam, one cycle of the learning rate; batch(step) gives inputs and the loss of outputs."""
    opt = torch.optim.Adam(model.parameters(), lr)
    cycle = torch.optim.lr_scheduler.OneCycleLR(opt, lr, total_steps=steps)
    for step in range(steps):
        inputs, loss = batch(step)
        opt.zero_grad()
        loss(model(*inputs)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        opt.step()
        cycle.step()
    return model.eval()


torch.manual_seed(0)
x, y = reviews(1500, rng)
x_test, y_test = reviews(1000, rng)
everything = lambda step: ((x,), lambda out: F.cross_entropy(out, y))
text_cnn = train(TextCNN(), everything, 60, lr=0.03)
accuracy = lambda out, y: (out.argmax(-1) == y).double().mean()
counts = lambda x: F.one_hot(x, 12).sum(1)[:, 1:].double()  # bags of words
bag = nn.Linear(11, 2)
bag = train(
    bag, lambda step: ((counts(x),), lambda out: F.cross_entropy(out, y)), 60, lr=0.1
)
verify_at_least(
    "text CNN with widths 1 and 2: test accuracy on negations",
    accuracy(text_cnn(x_test), y_test),
    0.98,
)
verify_at_most(
    "bag of words, logistic regression: test accuracy on the same",
    accuracy(bag(counts(x_test)), y_test),
    0.8,
)
verify(
    "the features of a text CNN have one size for every length",
    tuple(text_cnn.features(x[:3, :T]).shape[1] for T in (4, 9, 15)),
    (16, 16, 16),
)

# %% mystnb={"image": {"alt": "Heat map: the activation over time of three width-two filters on a ten-word sentence; one filter is bright only where not bad stands."}}
line = torch.tensor([[5, 3, 7, 9, 3, 2, 6, 10, 2, 4]])  # … not … not bad … bad
acts = text_cnn.convs[1](text_cnn.embed(line).mT).relu()[0].detach()  # (8, 9)
margin = (text_cnn.out.weight[1] - text_cnn.out.weight[0])[8:].detach()
top = (margin * acts[:, 4]).argsort(descending=True)[:3]
plt.figure(figsize=(6.8, 2.2))
plt.imshow(acts[top], aspect="auto")
plt.xticks(range(9), ["·" if i > 3 else words[i] for i in line[0][:9].tolist()])
plt.yticks(range(3), [f"filter {i}" for i in range(1, 4)])
plt.grid(False)
plt.colorbar(label="activation")
plt.show()

# %%
verify(
    "the strongest phrase filter fires most where “not bad” begins",
    int(acts[top[0]].argmax()),
    4,
)

# %% [markdown]
r"""
(causal-convolution)=
**Causal convolution.** Padding $(K-1)d$ zeros on the left of a filter of width $K$ and dilation $d$ makes $y_t$ depend on $x_{\le t}$ only. Shift the input by one more and $y_t$ depends on $x_{<t}$: a predictor of the next value that is trained on all positions of a sequence in a single pass.
"""


# %%
def causal(x, W, d=1, shift=0):  # x: (batch, c, T), W: (out, c, K)
    x = F.pad(x, ((W.shape[2] - 1) * d + shift, 0))
    return F.conv1d(x, W, dilation=d)[..., : x.shape[-1] - (W.shape[2] - 1) * d - shift]


W = normal(1, 1, 3)
for d, shift in ((1, 0), (2, 0), (2, 1)):
    J = jacrev(lambda x: causal(x[None, None], W, d, shift)[0, 0])(normal(12))
    want = sum(
        W[0, 0, 2 - j] * torch.diag(torch.ones(12 - d * j - shift), -d * j - shift)
        for j in range(3)
    )
    verify(
        f"causal convolution, dilation {d}, shift {shift}: the whole Jacobian",
        J,
        want,
        atol=1e-14,
    )
x, other = normal(1, 1, 12), normal(1, 1, 12)
other[..., :7] = x[..., :7]
verify(
    "a changed future leaves predictions of the past unchanged",
    causal(x, W, 2, 1)[..., :8],
    causal(other, W, 2, 1)[..., :8],
    atol=1e-15,
)

# %% [markdown]
r"""
(wavenet)=
**WaveNet** {cite:p}`oord2016` predicts raw audio, 16,000 samples a second, sample by sample. It stacks causal convolutions of width 2 with [dilations](#dilated-convolution) $1,2,4,\dots,512$; each adds $d$ to the field, so a block sees $1+(1+2+\dots+512)=1024$ samples, three blocks $1+3\cdot1023=3070$. Residual and learned skip connections carry the signal past. Ours is a small one, on two sines in noise.
"""


# %%
def field(dilations):  # which inputs reach the last output: all weights one
    T = sum(dilations) + 9
    x = torch.zeros(1, 1, T, requires_grad=True)
    h = x
    for d in dilations:
        h = causal(h, torch.ones(1, 1, 2), d)
    h[0, 0, -1].backward()
    return int((x.grad > 0).sum())


octave = [2**i for i in range(10)]
verify(
    "WaveNet: receptive field of one block and of three",
    (field(octave), field(octave * 3)),
    (1024, 3070),
)


class WaveNet(nn.Module):
    def __init__(self, c=12, dilations=(1, 2, 4, 8, 16)):
        super().__init__()
        self.first = nn.Conv1d(1, c, 1)
        self.gate = nn.ModuleList(nn.Conv1d(c, 2 * c, 2, dilation=d) for d in dilations)
        self.skip = nn.ModuleList(nn.Conv1d(c, c, 1) for _ in dilations)
        self.last = nn.Conv1d(c, 1, 1)

    def forward(self, x):  # (batch, T); output t predicts x_t from x_{<t}
        h, total = self.first(F.pad(x[:, None, :-1], (1, 0))), 0
        for gate, skip in zip(self.gate, self.skip):
            a, b = gate(F.pad(h, (gate.dilation[0], 0))).chunk(2, 1)
            out = skip(a.tanh() * b.sigmoid())
            h, total = h + out, total + out
        return self.last(total)[:, 0]


t, noise = torch.arange(4000.0), 0.1
wave = 0.6 * torch.sin(0.2 * t) + 0.6 * torch.sin(0.47 * t) + noise * normal(4000)
crops = wave[:3000].unfold(0, 120, 100)
torch.manual_seed(0)
wavenet = train(
    WaveNet(),
    lambda step: ((crops,), lambda out: F.mse_loss(out[:, 32:], crops[:, 32:])),
    170,
    lr=0.02,
)
with torch.no_grad():
    mse = F.mse_loss(wavenet(wave[None, 3000:])[:, 32:], wave[None, 3032:]).item()
verify(
    "small WaveNet: one-step error on new samples over the variance of the noise",
    mse / noise**2,
    1.25,
    atol=0.25,
)
verify(
    "WaveNet: the Jacobian above and on the diagonal is zero",
    jacrev(lambda x: wavenet(x[None])[0])(wave[:40]).triu(),
    np.zeros((40, 40)),
    atol=1e-15,
)

# %% [markdown]
r"""
(recurrent-neural-network)=
## A state that is carried along

A window forgets what left it. A *recurrent neural network* carries a state instead, a summary of all that was read {cite:p}`elman1990`:

$$
h_t=\sigma(Wh_{t-1}+Ux_t+b),\qquad y_t=\psi(Vh_t+c).
$$ (eq-sq-rnn)

It is a linear dynamical system composed with a nonlinearity. The weights are those of every step, so any length will do. Unrolled in time it is a feed-forward net of $T$ layers with tied weights.

:::{admonition} A state that depends on itself
:class: correction
**The notes say** that $z_t=\phi(Uz_{t-1}+Vz_t)$.

**Right is:** the second term is the input, $z_t=\phi(Uz_{t-1}+Vx_t)$.
:::
"""


# %%
def rnn(x, h, W, U, b):  # x: (batch, T, d), h: (batch, m)
    states = []
    for t in range(x.shape[1]):
        h = torch.tanh(h @ W.T + x[:, t] @ U.T + b)
        states.append(h)
    return torch.stack(states, 1)  # (batch, T, m)


net, x = nn.RNN(3, 5, batch_first=True), normal(2, 7, 3)
W, U, b = net.weight_hh_l0, net.weight_ih_l0, net.bias_ih_l0 + net.bias_hh_l0
verify(
    "own recurrent network equals torch nn.RNN",
    rnn(x, torch.zeros(2, 5), W, U, b),
    net(x)[0],
    atol=1e-10,
)
unrolled = torch.zeros(2, 5)
for layer in range(7):  # seven layers, written as one matrix acting on (h, x)
    unrolled = torch.tanh(
        torch.cat([unrolled, x[:, layer]], 1) @ torch.cat([W, U], 1).T + b
    )
verify(
    "unrolled: a feed-forward net of 7 layers with tied weights",
    unrolled,
    net(x)[1][0],
    atol=1e-12,
)
without_input = rnn(torch.zeros_like(x), torch.zeros(2, 5), W, U, b)
verify_at_least(
    "a state that is not told the input: largest difference",
    (without_input - net(x)[0]).abs().max(),
    0.1,
)

# %% [markdown]
r"""
**Two bits of memory, by hand.** The parity of a bit string needs one bit of state $p$: $p_t=p_{t-1}$ XOR $x_t$. With threshold units, $h^{(1)}=[p+x>\frac12]$ is OR and $h^{(2)}=[p+x>\frac32]$ is AND, and XOR is their difference, $p=h^{(1)}-h^{(2)}$. So the recurrent matrix has rows $(1,-1)$.
"""


# %%
def parity(bits):  # (n, T)
    h = torch.zeros(len(bits), 2)
    W = torch.tensor([[1.0, -1.0], [1.0, -1.0]])
    for t in range(bits.shape[1]):
        h = (h @ W.T + bits[:, t, None] - torch.tensor([0.5, 1.5]) > 0).double()
    return h @ torch.tensor([1.0, -1.0])


for T in (8, 16):
    bits = torch.tensor(list(itertools.product((0.0, 1.0), repeat=T)))
    verify(
        f"parity by a recurrent network of two units, all strings of {T} bits: errors",
        int((parity(bits) != bits.sum(1) % 2).sum()),
        0,
    )

# %% [markdown]
r"""
(rnn-loss-settings)=
The loss may come once, from $h_T$ at the end, or at every step, $\mathcal R=\sum_t\ell(y_t)$, and then its gradient is the sum of those of the steps. The cell is the same: a linear one with $W=U=1$ computes the running sum, its last state the total.

(backpropagation-through-time)=
### Backpropagation through time

How does the loss depend on $W$, which is used $T$ times? Let $\delta_t=\partial\mathcal R/\partial h_t$ be the *total* derivative, through everything that comes later, and $a_t=Wh_{t-1}+Ux_t+b$. The state $h_t$ acts on the loss directly, through $y_t$, and through $h_{t+1}=\sigma(Wh_t+\dots)$. So [the chain rule](#jacobian-chain-rule) runs backwards in time,

$$
\delta_t=\frac{\partial\ell_t}{\partial h_t}+W^\top\bigl(\dot\sigma_{t+1}\odot\delta_{t+1}\bigr),\qquad\dot\sigma_t=\sigma'(a_t),
$$ (eq-sq-bptt)

and since $W$ enters step $t$ through $a_t$, with $\partial a_{t,i}/\partial w_{ij}=h_{t-1,j}$, the contributions add up:

$$
\frac{\partial\mathcal R}{\partial W}=\sum_t(\dot\sigma_t\odot\delta_t)\,h_{t-1}^\top,\qquad
\frac{\partial\mathcal R}{\partial U}=\sum_t(\dot\sigma_t\odot\delta_t)\,x_t^\top .
$$ (eq-sq-bptt-w)

*Truncated* to $k$ steps, the error of step $t$ is carried back through at most $k$ states; $k=1$ keeps the direct derivative only.
"""


# %%
def bptt(x, W, U, b, e, k=None):
    """Gradients of Σ_t e_t·h_t, each e_t carried back through at most k steps."""
    T, m = e.shape
    h = np.zeros((T + 1, m))  # h[t + 1] is the state after x[t]
    for t in range(T):
        h[t + 1] = np.tanh(W @ h[t] + U @ x[t] + b)
    slope, dW, dU = 1 - h[1:] ** 2, np.zeros_like(W), np.zeros_like(U)
    carried = np.zeros((k or T, m))  # carried[j]: what came from j steps later
    for t in reversed(range(T)):
        carried = np.vstack([e[t], carried[:-1]])
        s = slope[t] * carried.sum(0)
        dW, dU = dW + np.outer(s, h[t]), dU + np.outer(s, x[t])
        carried = (slope[t] * carried) @ W
    return dW, dU


T, m = 10, 4
W, U = 0.6 * rng.normal(size=(m, m)), rng.normal(size=(m, 3))
b, x, e = rng.normal(size=m), rng.normal(size=(T, 3)), rng.normal(size=(T, m))
tensors = [torch.tensor(v) for v in (x, W, U, b, e)]
for v in tensors[1:3]:
    v.requires_grad_()
states = rnn(tensors[0][None], torch.zeros(1, m), *tensors[1:4])[0]
per_step = (states * tensors[4]).sum(1)
dW_auto, dU_auto = torch.autograd.grad(per_step.sum(), tensors[1:3], retain_graph=True)
dW, dU = bptt(x, W, U, b, e)
verify("backpropagation through time by hand, ∂R/∂W: torch's", dW, dW_auto, atol=1e-10)
verify("… and ∂R/∂U", dU, dU_auto, atol=1e-10)
steps = [torch.autograd.grad(v, tensors[1], retain_graph=True)[0] for v in per_step[1:]]
verify("losses at every step: their gradients add up", sum(steps), dW_auto, atol=1e-10)
sums = [torch.tensor(x[:, 0]).cumsum(0), torch.tensor(x[:, 0]).sum()]
linear = [0.0]
for v in x[:, 0]:
    linear.append(1.0 * linear[-1] + 1.0 * v)
verify(
    "the same linear cell: running sum at every step", linear[1:], sums[0], atol=1e-12
)
verify("… and the total at the end", linear[-1], sums[1], atol=1e-12)

# %% [markdown]
r"""
Now leave out what travels through earlier states. Each $k$ is checked against torch with the graph cut by hand.
"""


# %%
def truncated_by_torch(k):  # loss t through a graph that begins k steps before
    total = 0
    for t in range(T):
        start = max(0, t - k + 1)
        h0 = states[start - 1 : start].detach() if start else torch.zeros(1, m)
        h = rnn(tensors[0][None, start : t + 1], h0, *tensors[1:4])[0, -1]
        total = total + h @ tensors[4][t]
    return torch.autograd.grad(total, tensors[1])[0]


bias = [
    np.linalg.norm(bptt(x, W, U, b, e, k)[0] - dW) / np.linalg.norm(dW)
    for k in range(1, T + 1)
]
for k in (1, 2, 5):
    verify(
        f"truncated to {k} steps: the gradient of torch's cut graph",
        bptt(x, W, U, b, e, k)[0],
        truncated_by_torch(k),
        atol=1e-10,
    )
verify_at_least("direct derivative alone: relative error of the gradient", bias[0], 0.1)
print("relative error by truncation length:", *(f"{v:.2f}" for v in bias))

# %% [markdown]
r"""
(vanishing-and-exploding-gradients)=
## Why the bell is not heard

Iterate the backward recursion without losses in between and the gradient has passed through a product of $T$ Jacobians,

$$
\frac{\partial h_T}{\partial h_0}=\prod_{t=T}^1\operatorname{diag}(\dot\sigma_t)\,W .
$$ (eq-sq-product)

:::{prf:theorem} Vanishing and exploding gradients
:label: thm-sq-vanish
$\Bigl\lVert\dfrac{\partial h_T}{\partial h_0}\Bigr\rVert\le\bigl(\max|\sigma'|\;\sigma_{\max}(W)\bigr)^T$. With $|\sigma'|\le1$ and $\sigma_{\max}(W)<1$ it vanishes exponentially; $\sigma_{\max}(W)>1$ is necessary for an explosion, not sufficient.
:::

:::{prf:proof}
[The spectral norm](#spectral-norm) of a product is at most the product of the norms, and that of $\operatorname{diag}(\dot\sigma_t)$ is its largest entry.
:::

In a linear network the product is $W^T$, and in the long run the largest *eigenvalue* modulus decides: $\lVert W^T\rVert^{1/T}\to\rho(W)$. The decay of the opening is that of a contraction. See both sides for $W=sQ$ with $Q$ orthogonal, where all singular values are $s$ and the linear norm is $s^T$ exactly.
"""


# %%
def through_time(W, T, rng, nonlinear):
    """Norm of ∂h_t/∂h_0 for t = 1 … T, along one random run."""
    m = len(W)
    h, J, norms = rng.normal(size=m), np.eye(m), []
    for _ in range(T):
        h = W @ h + rng.normal(size=m) * 0.3
        slope = np.ones(m)
        if nonlinear:
            h = np.tanh(h)
            slope = 1 - h**2
        J = slope[:, None] * (W @ J)
        norms.append(np.linalg.norm(J, 2))
    return np.array(norms)


Q = np.linalg.qr(rng.normal(size=(8, 8)))[0]
for s in (0.9, 1.0, 1.1):
    verify(
        f"linear network, W = {s:g} × orthogonal, 100 steps: the norm is s to the 100",
        through_time(s * Q, 100, rng, False)[-1],
        s**100,
        rtol=1e-8,
    )
excess = []
for _ in range(100):
    W = rng.normal(size=(8, 8)) * 0.4
    norms = through_time(W, 30, rng, True)
    excess.append(
        (np.log(norms) - np.arange(1, 31) * np.log(np.linalg.norm(W, 2))).max()
    )
verify_at_most(
    "100 tanh networks: log of the norm beyond the bound", excess, 0.0, atol=1e-12
)


def final(h0):  # the same run, differentiated by torch
    noise, h = np.random.default_rng(7), h0
    noise.normal(size=8)
    for _ in range(5):
        h = torch.tanh(torch.tensor(W) @ h + torch.tensor(noise.normal(size=8) * 0.3))
    return h


start = torch.tensor(np.random.default_rng(7).normal(size=8))
verify(
    "norm of ∂h₅/∂h₀ in a tanh network, against torch",
    through_time(W, 5, np.random.default_rng(7), True)[-1],
    torch.linalg.matrix_norm(jacrev(final)(start), 2),
    rtol=1e-10,
)
W8, b8 = torch.tensor(1.5 * Q), torch.zeros(8)
h0 = torch.randn(8, generator=g)
J = jacrev(
    lambda h: rnn(torch.zeros(1, 6, 1), h[None], W8, torch.zeros(8, 1), b8)[0, -1]
)(h0)
h, product = h0, torch.eye(8)
for _ in range(6):
    h = torch.tanh(W8 @ h)
    product = torch.diag(1 - h**2) @ W8 @ product
verify("∂h₆/∂h₀ of a tanh network is the product of diag(σ′)W", product, J, atol=1e-12)


# %% tags=["hide-input"]
def decay(s):
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    t = np.arange(1, 101)
    ax.semilogy(t, s**t, "--", color=plot.GREY, label="$s^t$ (bound)")
    ax.semilogy(
        t, through_time(s * Q, 100, np.random.default_rng(1), False), label="linear"
    )
    ax.semilogy(
        t, through_time(s * Q, 100, np.random.default_rng(1), True), label="tanh"
    )
    ax.set(xlabel="steps $t$", ylim=(1e-16, 1e8))
    ax.set_ylabel(r"$\Vert\partial h_t/\partial h_0\Vert$")
    ax.legend(loc="lower left")
    return fig


explore(
    decay,
    s=[1.1, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.15, 1.2],
    alt="Norm of the Jacobian through time on a logarithmic scale: the linear network follows s to the t, the tanh network stays below and falls even for s slightly above one",
)

# %% [markdown]
r"""
Above $s=1$ the linear gradient explodes; the tanh network may still vanish, since its slopes are below one.

:::{admonition} Large singular values need not explode
:class: correction
**The notes say** that gradients explode if $\sigma_{\max}(U)>1$.

**Right is:** that is necessary only. $\begin{bmatrix}0&10\\0&0\end{bmatrix}$ has $\sigma_{\max}=10$ and square zero; and saturated tanh units, with slopes near zero, make gradients vanish whatever $W$ is.
:::
"""

# %%
nilpotent = np.array([[0.0, 10.0], [0.0, 0.0]])
verify("[[0, 10], [0, 0]]: largest singular value", np.linalg.norm(nilpotent, 2), 10.0)
verify(
    "… and its gradient after two steps",
    through_time(nilpotent, 2, rng, False)[-1],
    0.0,
    atol=1e-15,
)
verify_at_most(
    "W = 5 × identity, tanh: gradient after 30 saturated steps",
    through_time(5 * np.eye(3), 30, rng, True)[-1],
    1e-3,
)

# %% [markdown]
r"""
Exploding gradients have a crude cure, *clipping* {cite:p}`pascanu2013`: a gradient longer than $c$ is shortened to length $c$ and keeps its direction. Vanishing ones have none: what is not there cannot be scaled up. That needs another network.
"""

# %%
w = torch.tensor([1.3], requires_grad=True)
(w**60 / 2).backward()
true_gradient = w.grad.item()
nn.utils.clip_grad_norm_([w], 1.0)
verify("gradient of w⁶⁰/2 at 1.3", true_gradient, 30 * 1.3**59, rtol=1e-12)
verify("… clipped to length 1", w.grad.item(), 1.0, atol=1e-6)

# %% [markdown]
r"""
(lstm)=
## Gates

The product of Jacobians is flat only if its factors are near the identity. So let the state be *kept* unless there is reason to change it. The *long short-term memory* {cite:p}`hochreiter1997lstm` has a cell state $c_t$ and three gates with values in $(0,1)$, all computed from $x_t$ and $h_{t-1}$:

$$
\begin{aligned}
i_t,f_t,o_t&=\sigma\bigl(W^{(\cdot)}x_t+U^{(\cdot)}h_{t-1}+b^{(\cdot)}\bigr),\qquad
\tilde c_t=\tanh\bigl(W^{(c)}x_t+U^{(c)}h_{t-1}+b^{(c)}\bigr),\\
c_t&=f_t\odot c_{t-1}+i_t\odot\tilde c_t,\qquad h_t=o_t\odot\tanh(c_t).
\end{aligned}
$$ (eq-sq-lstm)

*Input*, *forget*, *output*: write, keep, show. The direct part of $\partial c_t/\partial c_{t-1}$ is $\operatorname{diag}(f_t)$, no weight matrix in it; with $f=1$ the product over any number of steps is the identity.

(lstm-peepholes)=
With *peepholes* {cite:p}`gers2000` the gates see the cell as well: input and forget gate the old $c_{t-1}$, and the output gate, computed after the update, the new $c_t$, since that is what it shows.

:::{admonition} What the output gate peeps at
:class: correction
**The notes say** that $C_{t-1}$ is fed to the output gate of the peephole LSTM.

**Right is:** the output gate is computed after the update and sees the current $C_t$.
:::
"""


# %%
def lstm_step(x, h, c, W, U, b, peep=None):
    """One step; rows of W, U, b in torch's order i, f, g, o; peep: weights (3, m, m)."""
    i, f, cand, o = (x @ W.T + h @ U.T + b).chunk(4, -1)
    p = torch.zeros(3, c.shape[-1], c.shape[-1]) if peep is None else peep
    i, f = (i + c @ p[0].T).sigmoid(), (f + c @ p[1].T).sigmoid()
    c = f * c + i * cand.tanh()
    o = (o + c @ p[2].T).sigmoid()  # the new cell
    return o * c.tanh(), c


cell, x, h, c = nn.LSTMCell(3, 5), normal(2, 3), normal(2, 5), normal(2, 5)
weights = (cell.weight_ih, cell.weight_hh, cell.bias_ih + cell.bias_hh)
for name, ours, theirs in zip("hc", lstm_step(x, h, c, *weights), cell(x, (h, c))):
    verify(f"own LSTM cell equals torch LSTMCell, {name}", ours, theirs, atol=1e-12)
peep = normal(3, 5, 5)
by_peep = torch.stack(lstm_step(x, h, c, *weights, peep))
verify(
    "peephole weights of zero: the standard LSTM",
    torch.stack(lstm_step(x, h, c, *weights, 0 * peep)),
    torch.stack(cell(x, (h, c))),
    atol=1e-12,
)
# the gate of each unit recovered from outside: h = o tanh(c)
logit = (by_peep[0] / by_peep[1].tanh()).logit()
plain = (x @ weights[0].T + h @ weights[1].T + weights[2]).chunk(4, -1)
verify(
    "the output gate's peephole sees the new cell",
    logit - plain[3],
    by_peep[1] @ peep[2].T,
    atol=1e-8,
)
new_c = torch.stack(
    [
        (plain[1] + c @ peep[1].T).sigmoid() * c,
        (plain[0] + c @ peep[0].T).sigmoid() * plain[2].tanh(),
    ]
).sum(0)
verify("… those of input and forget gate the old one", by_peep[1], new_c, atol=1e-12)
verify_at_least(
    "an output gate that sees the old cell: largest difference",
    (by_peep[0] - (plain[3] + c @ peep[2].T).sigmoid() * new_c.tanh()).abs().max(),
    0.01,
)
loss = lambda p: lstm_step(x, h, c, *weights, p)[0].sum()
direction, eps = normal(3, 5, 5), 1e-5
verify(
    "peephole LSTM: gradient along a direction, against differences",
    (torch.func.grad(loss)(peep) * direction).sum(),
    (loss(peep + eps * direction) - loss(peep - eps * direction)) / (2 * eps),
    rtol=1e-6,
)

# %%
W, U, b = torch.zeros(20, 3), torch.zeros(20, 5), torch.zeros(20)
b[:5], b[5:10] = -1e3, 1e3  # i = 0, f = 1
h_, c_ = h, c
for t in range(1000):
    h_, c_ = lstm_step(normal(2, 3), h_, c_, W, U, b)
verify(
    "forget gate 1, input gate 0: the cell after 1000 steps of noise", c_, c, atol=1e-15
)
J = jacrev(lambda c: lstm_step(x[0], 0 * h[0], c, *weights)[1])(c[0])
f = (x[0] @ weights[0].T + weights[2]).chunk(4)[1].sigmoid()
verify("direct part of ∂c_t/∂c_{t−1} is diag(f)", J, torch.diag(f), atol=1e-12)

# %% [markdown]
r"""
Remember the first of four symbols over 50 steps of noise: a start that keeps (forget bias 4, input bias −2), Adam and clipping, and the LSTM does it: in six trials it was right in 86 to 97 cases out of a hundred, the plain network, from the start below, in 25 (chance) to 66.
"""


# %%
def first_symbol(n, T, g):
    y = torch.randint(0, 4, (n,), generator=g)
    x = 0.3 * torch.randn(n, T, 4, generator=g)
    x[:, 0] += F.one_hot(y, 4)
    return x.float(), y


class Reader(nn.Module):
    """A recurrent network, read at its last state."""

    def __init__(self, kind, d, m, out, **options):
        super().__init__()
        self.net, self.out = kind(d, m, batch_first=True, **options), nn.Linear(m, out)

    def forward(self, x):
        return self.out(self.net(x)[0][:, -1])


def classify(model, task, steps, lr=0.01):

    def batch(step):
        x, y = task()
        return (x,), lambda out: F.cross_entropy(out, y)

    return train(model, batch, steps, lr)


scores = {}
for kind in (nn.LSTM, nn.RNN):
    torch.manual_seed(0)
    model = Reader(kind, 4, 32, 4).float()
    if kind is nn.LSTM:
        with torch.no_grad():
            model.net.bias_ih_l0[32:64] = 4.0
            model.net.bias_ih_l0[:32] = -2.0  # and write little noise
    classify(model, lambda: first_symbol(64, 50, g), 240, 0.015)
    x, y = first_symbol(1000, 50, g)
    scores[kind] = float(accuracy(model(x), y))
verify_at_least(
    "first of four symbols, 50 noisy steps: accuracy of an LSTM", scores[nn.LSTM], 0.8
)
verify_at_most("… of a plain recurrent network", scores[nn.RNN], 0.7)

# %% [markdown]
r"""
(gru)=
**The gated recurrent unit** {cite:p}`cho2014` has one state and ties keeping to writing:

$$
\begin{aligned}
z_t&=\sigma(W_z[h_{t-1},x_t]),\qquad r_t=\sigma(W_r[h_{t-1},x_t]),\\
\tilde h_t&=\tanh(W[r_t\odot h_{t-1},x_t]),\qquad h_t=(1-z_t)\odot h_{t-1}+z_t\odot\tilde h_t .
\end{aligned}
$$ (eq-sq-gru)

Each $h_t$ is a convex combination of the last state and something in $(-1,1)$, so $|h_t|\le1$ if $|h_0|\le1$. Three matrices instead of four: $\frac34$ of the parameters of an LSTM. torch differs twice: its $z$ is our $1-z$, and it applies $r$ after the matrix product.
"""


# %%
def gru_step(x, h, W, U, bW, bU, torch_way=False):
    """Rows in the order r, z, candidate. torch's z keeps, ours writes."""
    a, u = x @ W.T + bW, h @ U.T + bU
    m = h.shape[-1]
    r, z = (a[..., :m] + u[..., :m]).sigmoid(), (a[..., m:-m] + u[..., m:-m]).sigmoid()
    if torch_way:
        return z * h + (1 - z) * (a[..., -m:] + r * u[..., -m:]).tanh()
    return (1 - z) * h + z * (a[..., -m:] + (r * h) @ U[-m:].T + bU[-m:]).tanh()


cell = nn.GRUCell(3, 5)
w4 = (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)
xs = normal(2, 3)
verify(
    "own GRU, torch's variant, equals torch GRUCell",
    gru_step(xs, h, *w4, torch_way=True),
    cell(xs, h),
    atol=1e-12,
)


def gru_formula(x, h):  # the formula, one unit at a time
    dot = lambda row, k, s: sum(w4[k][row][j] * s[j] for j in range(len(s)))
    gate = lambda row: (
        dot(row, 0, x) + w4[2][row] + dot(row, 1, h) + w4[3][row]
    ).sigmoid()
    r, out = [gate(j) for j in range(5)], []
    for j in range(5):
        rh = [r[l] * h[l] for l in range(5)]
        new = (
            dot(10 + j, 0, x) + w4[2][10 + j] + dot(10 + j, 1, rh) + w4[3][10 + j]
        ).tanh()
        out.append((1 - gate(5 + j)) * h[j] + gate(5 + j) * new)
    return torch.stack(out)


verify(
    "own GRU, reset before the product: the formula unit by unit",
    gru_step(xs, h, *w4)[0],
    gru_formula(xs[0], h[0]),
    atol=1e-12,
)
closed = [w4[0], w4[1], w4[2].clone().detach(), w4[3]]
closed[2][5:10] = -1e3  # z = 0
verify("GRU with z = 0 copies its state", gru_step(xs, h, *closed), h, atol=1e-15)
bounded = h.clamp(-1, 1)
for t in range(50):
    bounded = gru_step(20 * normal(2, 3), bounded, *w4)
verify_at_most(
    "GRU from a state within ±1, 50 wild inputs: largest |h|", bounded.abs().max(), 1.0
)
size = lambda net: sum(p.numel() for p in net.parameters())
verify("parameters of GRU over LSTM", size(nn.GRU(7, 9)) / size(nn.LSTM(7, 9)), 0.75)
verify(
    "parameters of a GRU, d = 7, m = 9, with torch's two biases",
    size(nn.GRU(7, 9)),
    3 * (9 * 7 + 9 * 9 + 2 * 9),
)

# %% [markdown]
r"""
(bidirectional-rnn)=
## Both ways, in layers, along trees

**Both ways.** When the whole sequence is there, as in labelling words, one recurrence may run forward and one backward {cite:p}`schuster1997`; the output sees both, $\hat y_t=\psi(Wz_t^++\bar Wz_t^-)$, past and future. Task: the label is the *next* symbol, of four equally likely ones.

(deep-rnn)=
**Layers.** In a stacked RNN the state sequence of one layer is the input sequence of the next.
"""

# %%
two, deep = (
    nn.RNN(3, 5, batch_first=True, **o)
    for o in ({"bidirectional": True}, {"num_layers": 2})
)
x, zero = normal(2, 7, 3), torch.zeros(2, 5)
part = lambda net, end: (
    getattr(net, f"weight_hh_{end}"),
    getattr(net, f"weight_ih_{end}"),
    getattr(net, f"bias_ih_{end}") + getattr(net, f"bias_hh_{end}"),
)
forward = rnn(x, zero, *part(two, "l0"))
backward = rnn(x.flip(1), zero, *part(two, "l0_reverse")).flip(1)
verify(
    "bidirectional: forward and backward run side by side equal torch",
    torch.cat([forward, backward], -1),
    two(x)[0],
    atol=1e-12,
)
below = rnn(x, zero, *part(deep, "l0"))
verify(
    "two layers: chained recurrent networks equal torch num_layers=2",
    rnn(below, zero, *part(deep, "l1")),
    deep(x)[0],
    atol=1e-12,
)
verify(
    "parameters of two layers, d = 3, m = 5",
    size(deep),
    (5 * 3 + 5 * 5 + 10) + (5 * 5 + 5 * 5 + 10),
)


# %%
class Tagger(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.net = nn.RNN(4, 16, batch_first=True, **options)
        self.out = nn.Linear(16 * (1 + self.net.bidirectional), 4)

    def forward(self, x):
        return self.out(self.net(x)[0]).flatten(0, 1)


def next_symbol(n=64, T=10):
    s = torch.randint(0, 4, (n, T + 1), generator=g)
    return F.one_hot(s, 4).float(), torch.cat([s[:, 1:], s[:, :1]], 1)


for options, name in (
    ({}, "one direction"),
    ({"bidirectional": True}, "two directions"),
):
    torch.manual_seed(0)

    def batch(step):
        x, y = next_symbol()
        return (x,), lambda out: F.cross_entropy(
            out.view(64, 11, 4)[:, :-1].flatten(0, 1), y[:, :-1].flatten()
        )

    tagger = train(Tagger(**options).float(), batch, 120, 0.02)
    x, y = next_symbol(1000)
    right = (tagger(x).view(1000, 11, 4).argmax(-1) == y)[:, :-1].double().mean()
    if options:
        verify_at_least(f"label = next symbol, {name}: accuracy", right, 0.99)
    else:
        verify(
            f"label = next symbol, {name}: accuracy is chance", right, 0.25, atol=0.02
        )

# %% [markdown]
r"""
(recursive-network)=
**Trees.** A *recursive* network applies one learned composition $F:\mathbb R^d\times\mathbb R^d\to\mathbb R^d$ at every inner node of a tree, $h^n=F(h^{\text{left}},h^{\text{right}})$ {cite:p}`socher2013`. In a balanced tree of 64 leaves each leaf is 6 compositions from the root; in a chain the first is 63 or 64 away, depending on whether one starts from a leaf or from an initial state.
"""


# %%
def compose(a, b, A):  # F(a, b) = tanh(A [a, b])
    return torch.tanh(torch.cat([a, b], -1) @ A.T)


def balanced(leaves, A):
    depth = 0
    while len(leaves) > 1:
        leaves, depth = compose(leaves[0::2], leaves[1::2], A), depth + 1
    return leaves[0], depth


def chain(leaves, A):
    h, depth = torch.zeros(leaves.shape[1]), 0
    for leaf in leaves:
        h, depth = compose(h, leaf, A), depth + 1
    return h, depth


A, leaves = 0.3 * normal(8, 16), normal(64, 8)
verify(
    "64 leaves: depth of the balanced tree and of the chain",
    (balanced(leaves, A)[1], chain(leaves, A)[1]),
    (6, 64),
)
reach = [
    jacrev(lambda x: f(x, A)[0])(leaves)[:, 0].norm().log10().item()
    for f in (balanced, chain)
]
verify_at_least(
    "first leaf to root: orders of magnitude by which the tree's gradient wins",
    reach[0] - reach[1],
    3,
)
verify(
    "four leaves: the tree is F(F(1, 2), F(3, 4))",
    balanced(leaves[:4], A)[0],
    compose(compose(leaves[0], leaves[1], A), compose(leaves[2], leaves[3], A), A),
    atol=1e-15,
)

# %% [markdown]
r"""
Expressions such as *not(not(good))* are trees: node *not* with its argument. The net has vectors for `not`, `good`, `bad` and one $F$, is trained up to depth 4, and judged up to depth 8.
"""


# %%
class Tree(nn.Module):
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
sign = ((word == 1) ^ (depth % 2 == 1)).double()
tree = train(
    Tree(),
    lambda step: (
        (word, depth),
        lambda out: F.binary_cross_entropy_with_logits(out, sign),
    ),
    250,
    0.03,
)
word, depth = torch.tensor(list(itertools.product((1, 2), range(9)))).T
verify(
    "nested nots up to depth 8, trained up to 4: errors of the recursive network",
    int(((tree(word, depth) > 0) != ((word == 1) ^ (depth % 2 == 1))).sum()),
    0,
)

# %% [markdown]
r"""
(sequence-modelling-approaches)=
**Compared.** What reaches the last output, and how many steps must wait for each other? Convolutions are parallel, with a context limited by width and depth; recurrent nets look back without limit in principle, but in strict sequence, and gradients fade; recursive nets need a parse. Wanted: parallel *and* unlimited, the theme of the next section and of [attention](#attention-mechanism).
"""


# %%
def conv_support(widths):  # dilations of a stack of causal convolutions of width 3
    stack = lambda x: [x := causal(x, torch.ones(1, 1, 3), d) for d in widths][-1]
    J = jacrev(lambda v: stack(v[None, None])[0, 0, -1])(normal(40))
    return int((J != 0).sum())


print("layer                     inputs seen   steps in sequence")
for name, dilations, seen in (
    ("conv, width 3", [1], 3),
    ("4 layers", [1] * 4, 9),
    ("dilations 1, 2, 4", [1, 2, 4], 15),
):
    verify(
        f"{name}: inputs that the last output depends on", conv_support(dilations), seen
    )
    print(f"{name:<25} {seen:>11} {len(dilations):>19}")
one = nn.RNN(1, 4, batch_first=True)
J = jacrev(lambda x: one(x[None, :, None])[0][0, -1].sum())(normal(40))
verify("RNN: inputs that the last output depends on, of 40", int((J != 0).sum()), 40)
print(f"{'RNN, 40 inputs':<25} {int((J != 0).sum()):>11} {40:>19}")


# %%
class Window(nn.Module):  # a causal convolution of width 9, read at the end
    def __init__(self):
        super().__init__()
        self.conv, self.out = nn.Conv1d(4, 24, 9), nn.Linear(24, 4)

    def forward(self, x):
        return self.out(self.conv(F.pad(x.mT, (8, 0))).relu()[..., -1])


print("copy the first symbol    length 5   length 20   length 80")
for name, make, lengths in (
    ("width-9 CNN", Window, (5, 20, 80)),
    ("GRU", lambda: Reader(nn.GRU, 4, 24, 4), (5, 20)),
):
    row = []
    for T in lengths:
        torch.manual_seed(0)
        model = make().float()
        if name == "GRU":  # torch's z keeps: start with z near 1
            nn.init.constant_(model.net.bias_ih_l0[24:48].data, 2.5)
        classify(model, lambda: first_symbol(64, T, g), 100, 0.03)
        x, y = first_symbol(2000, T, g)
        row.append(float(accuracy(model(x), y)))
        if name == "GRU" or T < 9:
            verify_at_least(
                f"copy the first of {T} symbols, {name}: accuracy", row[-1], 0.95
            )
        else:
            verify(
                f"copy the first of {T} symbols, {name}: chance",
                row[-1],
                0.25,
                atol=0.05,
            )
    print(f"{name:<22}" + "".join(f"{v:>11.2f}" for v in row))

# %% [markdown]
r"""
(linear-recurrent-unit)=
## Recurrence without waiting

Leave the nonlinearity out of the recurrence and put it between the layers. A *linear recurrent unit* {cite:p}`orvieto2023` is $z^{t+1}=Az^t+Bx^t$. If $A=P\Lambda P^{-1}$, the coordinates $\xi=P^{-1}z$ do not talk to each other,

$$
\xi^{t+1}=P^{-1}(P\Lambda P^{-1}z^t+Bx^t)=\Lambda\xi^t+\tilde Bx^t,\qquad\tilde B=P^{-1}B,
$$ (eq-sq-lru)

which costs $O(d)$ a step. Unrolled from $\xi^0=0$ it is a convolution with the kernel $\Lambda^k\tilde B$, which [an FFT](#convolution-theorem) computes for all times at once:

$$
\xi^t=\sum_{k=0}^{t-1}\Lambda^k\tilde Bx^{t-1-k} .
$$ (eq-sq-lru-conv)

It is stable iff all $|\lambda_i|<1$: the eigenvalue *is* the memory, $|\lambda|^T$ after $T$ steps.

:::{admonition} Diagonal, and in new coordinates
:class: correction
**The notes say** that $A=PAP^{-1}$, and they keep $z^{t+1}$ on the left of the diagonal recursion.

**Right is:** $A=P\Lambda P^{-1}$, and the diagonal recursion is that of $\xi=P^{-1}z$, namely $\xi^{t+1}=\Lambda\xi^t+\tilde Bx^t$ with $\tilde B=P^{-1}B$.
:::
"""


# %%
def recurrence(A, b):  # h_{t+1} = A h_t + b_t from zero; b: (T, d), A: (d, d)
    h, out = np.zeros(b.shape[1], complex), []
    for v in b:
        h = A @ h + v
        out.append(h)
    return np.array(out)


d, T = 6, 300
A = rng.normal(size=(d, d))
A *= 0.97 / np.abs(np.linalg.eigvals(A)).max()
B, x = rng.normal(size=(d, 2)), rng.normal(size=(T, 2))
lam, Peig = np.linalg.eig(A)
B_tilde = np.linalg.inv(Peig) @ B
xi = recurrence(np.diag(lam), x @ B_tilde.T)
verify_at_least("eigenvalues of A: largest imaginary part", np.abs(lam.imag).max(), 0.1)
verify(
    "linear recurrence: diagonal coordinates, turned back, are the dense states",
    (xi @ Peig.T).real,
    recurrence(A, x @ B.T).real,
    atol=1e-8,
)
kernel = lam[None] ** np.arange(T)[:, None]  # (T, d): Λ^k
fft = lambda v: np.fft.fft(v, 2 * T, axis=0)
verify(
    "the closed form by FFT convolution is the loop",
    np.fft.ifft(fft(kernel) * fft(x @ B_tilde.T), axis=0)[:T],
    xi,
    atol=1e-8,
)

# %% [markdown]
r"""
If the coefficients change with time, as a gate does, there is no convolution, but there is a *scan*. A step is an affine map $h\mapsto ah+b$, and two steps make one: $(a_2,b_2)\circ(a_1,b_1)=(a_2a_1,\;a_2b_1+b_2)$. This is associative, so all prefixes can be had in $\log_2T$ rounds: in round $j$ each position joins what it has with what stands $2^j$ before it.
"""


# %%
def scan(a, b):
    """All states of h_t = a_t h_{t−1} + b_t, h_{−1} = 0; a, b: (batch, T, d)."""
    step, rounds = 1, 0
    while step < a.shape[1]:
        pad = lambda v, fill: F.pad(v[:, :-step], (0, 0, step, 0), value=fill)
        a, b = a * pad(a, 1.0), a * pad(b, 0.0) + b
        step, rounds = 2 * step, rounds + 1
    return b, rounds


a, b = torch.rand(2, 200, 3, generator=g), normal(2, 200, 3)
h, states = torch.zeros(2, 3), []
for t in range(200):
    h = a[:, t] * h + b[:, t]
    states.append(h)
verify(
    "scan equals the recurrence, 200 steps",
    scan(a, b)[0],
    torch.stack(states, 1),
    atol=1e-12,
)
verify("rounds of the scan for 200 steps: log₂ 200, rounded up", scan(a, b)[1], 8)


# %% tags=["hide-input"]
def memory(size):
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.2), width_ratios=(1, 2))
    lam, t = size * np.exp(0.25j), np.arange(80)
    circle = np.exp(2j * np.pi * np.linspace(0, 1, 100))
    axes[0].plot(circle.real, circle.imag, color=plot.GREY, lw=1)
    axes[0].plot(lam.real, lam.imag, "o", color=plot.RED)
    axes[0].set(aspect="equal", title=r"$\lambda$", xlim=(-1.3, 1.3), ylim=(-1.3, 1.3))
    axes[1].plot(t, (lam**t).real, color=plot.BLUE)
    axes[1].plot(t, size**t, "--", color=plot.GREY)
    axes[1].plot(t, -(size**t), "--", color=plot.GREY)
    axes[1].set(xlabel="steps ago $k$", title=r"kernel Re $\lambda^k$", ylim=(-2, 2))
    return fig


explore(
    memory,
    size=[0.95, 0.5, 0.7, 0.8, 0.9, 0.98, 1.0, 1.01],
    alt="Left an eigenvalue in the complex plane with the unit circle, right its kernel, an oscillation that decays inside the circle, persists on it and grows outside",
)

# %% [markdown]
r"""
(teacher-forcing)=
## Sequence in, sequence out

**Teacher forcing.** A generator is trained with the *true* previous token as its input {cite:p}`williams1989`. All positions can then be trained at once. But when it writes, it reads its own predictions, and errors feed errors: *exposure bias*. *Scheduled sampling* {cite:p}`bengio2015` mixes own predictions into the training.

:::{admonition} It is the token that is forced
:class: correction
**The notes say** that the ground-truth "text vector $z_{t-1}$" is fed, though $z$ denotes hidden states there.

**Right is:** the ground-truth previous *token* $y_{t-1}$ (its embedding) is fed in place of the prediction $\hat y_{t-1}$; the hidden state stays the model's own.
:::
"""

# %%
sine = torch.sin(0.3 * torch.arange(2000.0)) + 0.05 * normal(2000)
X, y = (torch.tensor(v) for v in lags(sine.numpy(), 4))


def free_run(f, past, steps):  # past: (n, 4), the newest value first
    out = []
    for _ in range(steps):
        new = f(past)
        out.append(new)
        past = torch.cat([new[:, None], past[:, :-1]], 1)
    return torch.stack(out, 1)


w = torch.linalg.lstsq(X[:1000], y[:1000, None]).solution[:, 0]
predict = lambda past: past @ w
starts = torch.arange(1000, 1900)
future = torch.stack([y[starts + k] for k in range(50)], 1)
forced = torch.stack([predict(X[starts + k]) for k in range(50)], 1)
free = free_run(predict, X[starts], 50)
errors = {
    "forced": ((forced - future) ** 2).mean(0),
    "free": ((free - future) ** 2).mean(0),
}
w_mix = w.clone().requires_grad_()
minimise(
    lambda: (
        (
            free_run(lambda past: past @ w_mix, X[:900], 12)
            - torch.stack([y[k : 900 + k] for k in range(12)], 1)
        )
        ** 2
    ).mean(),
    [w_mix],
    15,
)
mixed = (
    (free_run(lambda past: past @ w_mix.detach(), X[starts], 50) - future) ** 2
).mean(0)
verify(
    "teacher forcing and free running agree at the first step",
    errors["free"][0],
    errors["forced"][0],
    rtol=1e-12,
)
verify_at_least(
    "free running: error at step 50 over that of one step",
    errors["free"][49] / errors["forced"][49],
    3,
)
print(
    f"ratio at step 50 when trained on its own predictions: "
    f"{mixed[49] / errors['forced'][49]:.2f}"
)
verify_at_most(
    "trained on its own predictions: error at step 50 over the teacher's pupil",
    mixed[49] / errors["free"][49],
    0.5,
)
by_hand = predict(torch.cat([free[:, 1:2], free[:, :1], X[starts][:, :2]], 1))
verify(
    "free running: the third step reads the first two predictions",
    free[:, 2],
    by_hand,
    atol=1e-12,
)

# %% [markdown]
r"""
(sequence-to-sequence)=
**Encoder and decoder.** To map a sequence to another of a different order or length, one recurrent network, the *encoder*, reads the source; its last state, the *context* $z_T$, starts a second one, the *decoder*, which writes the target token by token {cite:p}`sutskever2014,cho2014`. Everything must fit through one vector of fixed size. The task: spell backwards. In training the decoder is teacher-forced; in the test it reads what it wrote. Both parts are LSTMs of 32 units, since torch runs these fastest.

(attention-in-seq2seq)=
**Attention** {cite:p}`bahdanau2015` opens the bottleneck: at each step the decoder looks back at *all* encoder states, with weights from learned query–key scores,

$$
c_t=\sum_\tau\alpha_{t\tau}z_\tau,\qquad\alpha_{t\tau}=\frac{\exp(q_t^\top z_\tau/\sqrt m)}{\sum_{\tau'}\exp(q_t^\top z_{\tau'}/\sqrt m)},\qquad q_t=Qh_t+b .
$$ (eq-sq-attention)

Here $h_t$ is the decoder's state, and an encoder state has its input's embedding added. The [next chapter](#attention-mechanism) builds a whole architecture from this formula. (The notes head a section "Memory & Attention" in which only gates occur.)
"""


# %%
class Seq2Seq(nn.Module):
    def __init__(self, V, m=32, attention=False):
        super().__init__()
        self.embed, self.out = nn.Embedding(V + 1, m), nn.Linear(m, V)  # 0: start
        self.encoder = nn.LSTM(m, m, batch_first=True)
        self.decoder = nn.LSTM(m, m, batch_first=True)
        self.query = nn.Linear(m, m) if attention else None

    def forward(self, x, previous):  # both (batch, T)
        z, context = self.encoder(self.embed(x))
        h, _ = self.decoder(self.embed(previous), context)
        if self.query:
            self.z, self.h = z + self.embed(x), h
            self.alpha = (self.query(h) @ self.z.mT / math.sqrt(h.shape[-1])).softmax(
                -1
            )
            h = self.c = self.alpha @ self.z
        return self.out(h)


def shifted(y):  # what the teacher feeds: a start symbol, then all but the last
    return F.pad(y[:, :-1], (1, 0))


@torch.no_grad()
def spell(model, x):  # free running, greedy
    previous = torch.zeros(len(x), 1, dtype=torch.long)
    for _ in range(x.shape[1]):
        new = model(x, previous)[:, -1:].argmax(-1) + 1
        previous = torch.cat([previous, new], 1)
    return previous[:, 1:]


def speller(V, T, steps, attention):
    torch.manual_seed(1)

    def batch(step):
        x = torch.randint(1, V + 1, (64, T))
        y = x.flip(1)
        return (x, shifted(y)), lambda out: F.cross_entropy(
            out.flatten(0, 1), y.flatten() - 1
        )

    model = train(Seq2Seq(V, attention=attention).float(), batch, steps, 0.02)
    x = torch.randint(1, V + 1, (500, T))
    return model, x, (spell(model, x) == x.flip(1)).double().mean().item()


# %%
backwards = [speller(8, T, 200, False)[2] for T in (5, 10, 20)]
verify(
    "what the teacher feeds for the target 3 1 2",
    shifted(torch.tensor([[3, 1, 2]])),
    [[0, 3, 1]],
)
verify_at_least(
    "spelling 5 letters backwards without attention: accuracy", backwards[0], 0.95
)
verify_at_most(
    "from 5 to 10 to 20 letters, same state size: change of the accuracy",
    np.diff(backwards),
    -0.1,
)
speller_att, x, right = speller(16, 10, 250, True)
verify_at_least("10 letters (of 16) with attention: accuracy", right, 0.95)

# %% mystnb={"image": {"alt": "Left bar chart: accuracy without attention falls from near one at 5 letters to 0.4 at 20, with attention near one at 10. Right: attention weights, bright along the anti-diagonal."}}
with torch.no_grad():
    speller_att(x, shifted(x.flip(1)))
alpha = speller_att.alpha  # (500, 10 output, 10 input)
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1))
axes[0].bar(
    ["5", "10", "20", "10, att."],
    backwards + [right],
    color=[plot.BLUE] * 3 + [plot.ORANGE],
)
axes[0].set(xlabel="letters", ylabel="accuracy")
axes[1].imshow(alpha[0], vmin=0, vmax=1)
axes[1].set(xlabel=r"input $\tau$", ylabel="output $t$", title=r"$\alpha_{t\tau}$")
axes[1].grid(False)
plt.show()

# %%
verify(
    "attention weights of each output sum to one",
    alpha.sum(-1),
    np.ones((500, 10)),
    atol=1e-5,
)
verify(
    "decoder attention is torch's scaled dot product",
    speller_att.c,
    F.scaled_dot_product_attention(
        speller_att.query(speller_att.h), speller_att.z, speller_att.z
    ),
    atol=1e-5,
)
aligned = (alpha.argmax(-1) == torch.arange(9, -1, -1)).double().mean()
verify_at_least(
    "attention looks at the mirrored position: share of outputs", aligned, 0.9
)

# %% [markdown]
r"""
(elmo)=
**ELMo** {cite:p}`peters2018` makes vectors that depend on the sentence. Letters are composed to a token vector (so unknown words have one too), then $L$ LSTM layers read left to right and $L$ right to left, sharing the token embeddings. Of each word there are $2L+1$ vectors, and each task mixes them with its own softmax weights. Ours has $L=2$ and is untrained: what is shown is the structure.
"""


# %%
class Elmo(nn.Module):
    def __init__(self, d=8):
        super().__init__()
        self.letters, self.conv = nn.Embedding(27, d), nn.Conv1d(d, d, 3, padding=1)
        lstm = lambda: nn.ModuleList(nn.LSTM(d, d, batch_first=True) for _ in range(2))
        self.right, self.left = lstm(), lstm()
        self.s = nn.Parameter(torch.zeros(5))

    def forward(self, sentence):  # (words, d)
        spell = lambda w: torch.tensor([[ord(c) - 96 for c in w]])
        token = torch.stack(
            [self.conv(self.letters(spell(w)).mT).amax(-1)[0] for w in sentence.split()]
        )[None]
        self.vectors, ahead, back = [token], token, token.flip(1)
        for right, left in zip(self.right, self.left):
            ahead, back = right(ahead)[0], left(back)[0]
            self.vectors += [ahead, back.flip(1)]
        mix = self.s.softmax(0)
        return sum(w * v for w, v in zip(mix, self.vectors))[0]


torch.manual_seed(0)
elmo = Elmo()
with torch.no_grad():  # untrained LSTMs hardly move: larger weights
    for p in (*elmo.right.parameters(), *elmo.left.parameters()):
        p.mul_(6)
river, money = elmo("the bank of the river")[1], elmo("a bank lends money")[1]
verify_at_most(
    "ELMo, the word bank in two sentences: cosine",
    F.cosine_similarity(river, money, dim=0),
    0.99,
)
verify("ELMo: an unseen word has a vector too", tuple(elmo("the blorft").shape), (2, 8))
elmo("the bank of the river").square().sum().backward()
verify(
    "ELMo, L = 2: mixture weights that receive a gradient",
    int((elmo.s.grad != 0).sum()),
    5,
)
first = [v[0, 0].clone() for v in elmo.vectors]
elmo("the tank of the ocean")
same = [bool(torch.allclose(a, v[0, 0])) for a, v in zip(first, elmo.vectors)]
verify(
    "a word's token and left-to-right vectors ignore what follows it",
    tuple(same),
    (True, True, False, True, False),
)
elmo("the bank of the river")
last = [v[0, -1].clone() for v in elmo.vectors]
elmo("a tank by our river")
same = [bool(torch.allclose(a, v[0, -1])) for a, v in zip(last, elmo.vectors)]
verify(
    "the last word's token and right-to-left vectors ignore what precedes it",
    tuple(same),
    (True, False, True, False, True),
)

# %% [markdown]
r"""
(headline-adding)=
## The headline: hearing the bell

Now the puzzle. Input: $T$ random numbers $u_t\in[0,1]$, and a marker that is 1 at one place in the first half and one in the second. Target: the sum of the two marked numbers. Always answering the mean, 1, gives the error

$$
\operatorname{Var}(u_a+u_b)=2\int_0^1\bigl(u-\tfrac12\bigr)^2du=2\cdot\tfrac1{12}=\tfrac16 .
$$ (eq-sq-adding)

All networks get the same kind of lessons, though widths (16 to 24 units), learning rates and numbers of steps (350 to 540) differ: first length 50, a [curriculum](#curriculum-learning), then 50, 100 and 200 in turn, Adam with clipping, fresh data in every step. The gated ones get one thing more, a start that keeps. A gate constantly at $f$ forgets in about $1/(1-f)$ steps; for a memory of $\tau$ steps set $\sigma(b)=1-1/\tau$, that is $b=\log(\tau-1)$. *Chrono initialisation* {cite:p}`tallec2018` draws the $\tau$ uniformly up to the length.
"""


# %%
def adding(n, T, g):
    u, marker = torch.rand(n, T, generator=g), torch.zeros(n, T)
    first = torch.randint(0, T // 2, (n,), generator=g)
    second = torch.randint(T // 2, T, (n,), generator=g)
    marker[torch.arange(n), first] = marker[torch.arange(n), second] = 1
    return torch.stack([u, marker], -1).float(), (u * marker).sum(1).float()


def chrono(net, T, kind):
    """Biases of the gates that keep, for memories of 2 … T steps."""
    m = net.hidden_size
    with torch.no_grad():
        b = torch.log(1 + torch.rand(m) * (T - 2))
        net.bias_ih_l0.zero_()
        net.bias_hh_l0.zero_()
        net.bias_ih_l0[m : 2 * m] = b  # LSTM: forget gate; GRU: torch's z, which keeps
        if kind is nn.LSTM:
            net.bias_ih_l0[:m] = -b  # and its input gate is closed as far


x, y = adding(20_000, 50, g)
verify(
    "adding problem: two markers, one in each half",
    x[..., 1].unflatten(1, (2, 25)).sum(-1),
    np.ones((20_000, 2)),
    atol=1e-6,
)
verify_within_se(
    "adding problem: squared error of always answering 1", (y - 1.0) ** 2, 1 / 6
)
verify(
    "adding problem: the first example's target",
    float(y[0]),
    float(sum(u for u, on in x[0].tolist() if on)),
    atol=1e-6,
)
probe = nn.GRU(2, 2000)
torch.manual_seed(0)
chrono(probe, 200, nn.GRU)
tau = 1 / (
    1 - probe.bias_ih_l0.detach()[2000:4000].sigmoid()
)  # steps that each unit remembers
verify_within_se(
    "chrono initialisation: memories are uniform up to 200 steps", tau, 101.0
)
verify("… from 2 to 200 steps", [tau.min(), tau.max()], [2.0, 200.0], atol=1.0)


# %%
def learn_adding(kind, m, rate, lengths, seed=1):
    g = torch.Generator().manual_seed(seed + 100)
    torch.manual_seed(seed)
    model = Reader(kind, 2, m, 1).float()
    if kind is not nn.RNN:
        chrono(model.net, max(lengths), kind)

    def batch(step):
        x, y = adding(64, lengths[step], g)
        return (x,), lambda out: F.mse_loss(out[:, 0], y)

    train(model, batch, len(lengths), rate)
    with torch.no_grad():
        return [
            F.mse_loss(model(x)[:, 0], y).item()
            for T in (50, 100, 200)
            for x, y in [adding(2000, T, g)]
        ]


lessons = lambda alone, mixed: [50] * alone + [50, 100, 200] * mixed
results = {
    "RNN": learn_adding(nn.RNN, 16, 0.01, lessons(250, 60)),
    "LSTM": learn_adding(nn.LSTM, 24, 0.02, lessons(350, 110)),
    "GRU": learn_adding(nn.GRU, 16, 0.03, lessons(220, 60)),
}

# %% mystnb={"image": {"alt": "Mean squared error on a logarithmic scale for lengths 50, 100, 200: the plain recurrent network lies on the dashed line of one sixth, LSTM and GRU lie below 0.01."}}
for (name, errors), style in zip(results.items(), ("s-", "o-", "^-")):
    plt.semilogy([0, 1, 2], errors, style, label=name)
plt.axhline(1 / 6, color=plot.GREY, ls="--")
plt.text(0.02, 0.19, "always answer 1", color=plot.GREY)
plt.xticks([0, 1, 2], [50, 100, 200])
plt.xlabel("length $T$")
plt.ylabel("mean squared error")
plt.ylim(5e-4, 0.4)
plt.legend(loc="center right", bbox_to_anchor=(1, 0.6))
plt.show()

# %%
verify(
    "adding problem, lengths 50, 100, 200: the plain RNN stays at the variance 1/6",
    results["RNN"],
    [1 / 6] * 3,
    rtol=0.12,
)
headline(
    "adding problem, lengths 50, 100, 200: error of LSTM and GRU, limit 0.01, "
    "where guessing has 1/6",
    results["LSTM"] + results["GRU"],
    [0.01] * 6,
    rtol=0.01,
    sense="at most",
)

# %% [markdown]
r"""
The plain network heard nothing, at any length, in 430 steps from one start; the gated ones, with a memory as long as the list, add. Nothing about sums was built in, only the wish to keep.

**A published number.** MNIST-1D {cite:p}`greydanus2024`, known from [the convolutions](#headline-mnist1d), are curves of forty values in ten classes. Its authors report 91 % for a GRU. Ours reads overlapping windows of five values, two apart, 18 steps instead of 40, which makes it quick.
"""

# %%
bench = make_dataset(get_dataset_args())
windows = lambda v: torch.tensor(v, dtype=torch.float32).unfold(1, 5, 2)  # (n, 18, 5)
A, A_test = windows(bench["x"]), windows(bench["x_test"])
a, a_test = torch.tensor(bench["y"]), torch.tensor(bench["y_test"])
torch.manual_seed(0)
order = torch.cat([torch.randperm(4000) for _ in range(14)]).split(100)
reader = train(
    Reader(nn.GRU, 5, 40, 10).float(),
    lambda step: ((A[order[step]],), lambda out: F.cross_entropy(out, a[order[step]])),
    len(order),
)
verify(
    "windows of five, two apart",
    A[0, :2].double(),
    np.array([bench["x"][0][:5], bench["x"][0][2:7]]),
    atol=1e-6,
)
with torch.no_grad():
    verify(
        "MNIST-1D: test accuracy of a GRU, published 0.91",
        accuracy(reader(A_test), a_test),
        0.91,
        atol=0.04,
    )

# %% [markdown]
r"""
(sq-practice)=
## In practice

Use `nn.LSTM` or `nn.GRU`: batches first, sequences of different lengths *packed* so that padding is never read, gradients clipped, forget bias up. A whole network of ours, layer by layer, agrees with the library. Packing is worth a check: without it, the last state is that of the padding.
"""

# %%
net = nn.LSTM(3, 5, num_layers=2, batch_first=True)
x, below = normal(2, 9, 3), None
h_seq = x
for layer in range(2):
    w = [
        getattr(net, f"{n}_l{layer}")
        for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    h = c = torch.zeros(2, 5)
    out = []
    for t in range(9):
        h, c = lstm_step(h_seq[:, t], h, c, w[0], w[1], w[2] + w[3])
        out.append(h)
    h_seq = torch.stack(out, 1)
verify(
    "own LSTM, two layers over nine steps, equals torch nn.LSTM",
    h_seq,
    net(x)[0],
    atol=1e-12,
)
lengths = torch.tensor([9, 4])
x[1, 4:] = 0.0  # padding
packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
last = net(packed)[1][0][-1]
verify(
    "packed: the last state of the short sequence is that without its padding",
    last[1],
    net(x[1:, :4])[0][0, -1],
    atol=1e-12,
)
verify_at_least(
    "not packed: its last state has read the padding, difference",
    (net(x)[0][1, -1] - last[1]).abs().max(),
    0.01,
)

# %% [markdown]
r"""
## Beware

**Time in the wrong place.** Without `batch_first=True` torch takes the *first* axis for time. A batch of shape (batch, T, d) then runs along the batch: no error, every example reads its neighbours.

**Two biases.** torch's recurrent layers add `bias_ih` and `bias_hh`. "Forget bias 1 in both" is a bias of 2.

**A clipped gradient is not a sum of clipped ones.** Clip the whole vector; clipping entries one by one changes the direction.
"""

# %%
right, wrong = nn.RNN(3, 4, batch_first=True), nn.RNN(3, 4)
wrong.load_state_dict(right.state_dict())
x = normal(5, 7, 3)
changed = x.clone()
changed[0] += 1.0  # only the first example
moved = lambda net: int(((net(x)[0] - net(changed)[0]).abs().amax((1, 2)) > 0).sum())
verify("batch first: examples that notice a change of the first", moved(right), 1)
verify("time first, by mistake: examples that notice", moved(wrong), 5)
verify(
    "… which is torch's layout turned around",
    wrong(x.transpose(0, 1))[0],
    right(x)[0].transpose(0, 1),
    atol=1e-12,
)
lstm = nn.LSTMCell(1, 1)
with torch.no_grad():
    for p in lstm.parameters():
        p.zero_()
    lstm.bias_ih[1] = lstm.bias_hh[1] = 1.0
    verify(
        "forget bias 1 in both vectors: the gate is σ(2)",
        lstm(torch.zeros(1, 1), (torch.zeros(1, 1), torch.ones(1, 1)))[1].item(),
        1 / (1 + math.exp(-2)),
        rtol=1e-12,
    )
v = torch.tensor([3.0, 0.4])
cut = lambda by: F.cosine_similarity(v, by, dim=0).item()
verify("clipping the length keeps the direction", cut(v / v.norm()), 1.0, rtol=1e-12)
verify(
    "clipping entries at 1 turns (3, 0.4): cosine",
    cut(v.clamp(-1, 1)),
    3.16 / math.sqrt(9.16 * 1.16),
    rtol=1e-9,
)

# %% [markdown]
r"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""


# %% tags=["remove-cell"] jupyter={"source_hidden": true}
@exercise.define("sq-perplexity")
def _(answer):
    for p in (0.5, 0.9):
        want = perplexity(np.array([p] * 90 + [1 - p] * 10))
        assert abs(answer(p) - want) < 1e-9, f"for p = {p} it is {want:.4f}"


@exercise.define("sq-chrono")
def _(answer):
    gate = 1 / (1 + math.exp(-answer))
    assert abs(gate**100 - 0.5) < 1e-3, f"after 100 steps {gate**100:.3f} is left"


@exercise.define("sq-field")
def _(answer):
    for K, L in ((2, 10), (3, 4)):
        want = 1 + (K - 1) * (2**L - 1)
        assert answer(K, L) == want, f"width {K}, {L} layers: {want} inputs"


@exercise.define("sq-negatives")
def _(answer):
    for p, q, k in ((0.02, 0.01, 5), (0.3, 0.3, 1)):
        want = math.log(p / (k * q))
        assert abs(answer(p, q, k) - want) < 1e-9, (
            f"for p = {p}, q = {q}, k = {k}: {want:.3f}"
        )


@exercise.define("sq-parameters")
def _(answer):
    for d, m in ((3, 5), (10, 7)):
        want = size(nn.LSTM(d, m))
        assert answer(d, m) == want, f"torch counts {want} for d = {d}, m = {m}"


@exercise.define("sq-clip")
def _(answer):
    for v, c in (([3.0, 4.0], 1.0), ([0.3, 0.4], 1.0)):
        v = torch.tensor(v)
        want = v * min(1.0, c / v.norm().item())
        assert torch.allclose(answer(v, c), want), (
            f"{v.tolist()} should become {want.tolist()}"
        )


@exercise.define("sq-counter")
def _(answer):
    W, U = np.array(answer[0], float), np.array(answer[1], float)
    assert W.shape == (2, 2) and U.shape == (2,), "shapes (2, 2) and (2,)"
    h = np.zeros(2)
    for t, x in enumerate([1.0, 5.0, -2.0, 7.0]):
        h = W @ h + U * x
    assert np.allclose(h, [7.0, -2.0]), f"after 1, 5, −2, 7 the state is {h}"


@exercise.define("sq-scan")
def _(answer):
    assert tuple(answer((0.5, 1.0), (3.0, 2.0))) == (1.5, 5.0), (
        "first h → 0.5h + 1, then h → 3h + 2"
    )


@exercise.define("sq-mingru")
def _(answer):
    z, new = torch.rand(2, 9, 3, generator=g), normal(2, 9, 3)
    h, want = torch.zeros(2, 3), []
    for t in range(9):
        h = (1 - z[:, t]) * h + z[:, t] * new[:, t]
        want.append(h)
    got = answer(z, new)
    assert got.shape == new.shape, "all states, (batch, T, m)"
    assert torch.allclose(got, torch.stack(want, 1)), "it differs from the loop"


# %% [markdown]
r"""
:::{exercise} Surprised one time in ten
:label: ex-sq-perplexity
A model gave the symbol that came the probability $p$ in 90 cases of 100 and $1-p$ in the others. Its perplexity?
:::
"""

# %%
surprised = ...  # a function of p

exercise("sq-perplexity").check(surprised)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
surprised = lambda p: p**-0.9 * (1 - p)**-0.1
```

</details>

:::{exercise} Half-life
:label: ex-sq-chrono
Which forget bias leaves half of the cell after 100 steps without input?
:::
"""

# %%
half_life_bias = ...  # a number

exercise("sq-chrono").check(half_life_bias)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$f=2^{-1/100}$ and $b=\log\frac f{1-f}$.

```python
f_half = 0.5**(1 / 100)
half_life_bias = math.log(f_half / (1 - f_half))
```

</details>

:::{exercise} How far a WaveNet sees
:label: ex-sq-field
Width $K$, dilations $1,2,4,\dots,2^{L-1}$: how many inputs reach an output?
:::
"""

# %%
sees = ...  # a function of K and L

exercise("sq-field").check(sees)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Each layer adds $(K-1)d$.

```python
sees = lambda K, L: 1 + (K - 1) * (2**L - 1)
```

</details>

:::{exercise} What negative sampling learns
:label: ex-sq-negatives
A pair has joint probability $p$; the product of noise probability and centre probability is $q$. Which inner product is optimal with $k$ negatives?
:::
"""

# %%
optimal_product = ...  # a function of p, q, k

exercise("sq-negatives").check(optimal_product)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
optimal_product = lambda p, q, k: math.log(p / q) - math.log(k)
```

</details>

:::{exercise} Count
:label: ex-sq-parameters
How many parameters has torch's `nn.LSTM(d, m)`?
:::
"""

# %%
lstm_parameters = ...  # a function of d and m

exercise("sq-parameters").check(lstm_parameters)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Four gates, two biases each.

```python
lstm_parameters = lambda d, m: 4 * (m * d + m * m + 2 * m)
```

</details>

:::{exercise} Clip
:label: ex-sq-clip
Write clipping: a gradient longer than $c$ is shortened to $c$, a shorter one is left alone.
:::
"""

# %%
clip = ...  # a function of v and c

exercise("sq-clip").check(clip)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
def clip(v, c):
    return v * min(1.0, c / v.norm().item())
```

</details>

:::{exercise} A memory of two
:label: ex-sq-counter
Find $W$ and $U$ so that the linear recurrence $h_t=Wh_{t-1}+Ux_t$ holds the last two inputs, the newest first.
:::
"""

# %%
two_inputs = ...  # a pair: W as a 2 × 2 list, U as a list of two

exercise("sq-counter").check(two_inputs)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A shift register: $W$ is nilpotent, and after two steps all is forgotten.

```python
two_inputs = [[0, 0], [1, 0]], [1, 0]
```

</details>

:::{exercise} Two steps in one
:label: ex-sq-scan
Compose $h\mapsto a_1h+b_1$, then $h\mapsto a_2h+b_2$.
:::
"""

# %%
two_steps = ...  # a function of (a1, b1) and (a2, b2) that returns (a, b)

exercise("sq-scan").check(two_steps)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
two_steps = lambda first, then: (then[0] * first[0], then[0] * first[1] + then[1])
```

</details>

:::{exercise} Project: a GRU without waiting
:label: ex-sq-mingru
If gate $z_t$ and candidate $\tilde h_t$ depend on the input only, a GRU is a linear recurrence. Compute all its states with `scan`. Then let it learn the adding problem.
:::
"""

# %%
parallel_gru = ...  # a function of z and candidates, both (batch, T, m)

exercise("sq-mingru").check(parallel_gru)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$h_t=(1-z_t)h_{t-1}+z_t\tilde h_t$ has $a_t=1-z_t$ and $b_t=z_t\tilde h_t$ {cite:p}`feng2024`.

```python
parallel_gru = lambda z, new: scan(1 - z, z * new)[0]
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| product rule | $p(x)=\prod_tp(x_t\mid x_{<t})$ | [factorisation](#eq-sq-chain) |
| perplexity | $e^{\text{loss in nats}}=2^{\text{loss in bits}}$ | [perplexity](#eq-sq-ppl) |
| embeddings | $x_v^\top z_w=\operatorname{pmi}(v,w)-\log k$ at the optimum of negative sampling | [objective](#eq-sq-neg) |
| recurrent network | $h_t=\sigma(Wh_{t-1}+Ux_t+b)$ | [state](#eq-sq-rnn) |
| backpropagation through time | $\delta_t=\partial\ell_t/\partial h_t+W^\top(\dot\sigma_{t+1}\odot\delta_{t+1})$ | [recursion](#eq-sq-bptt) |
| vanishing | norm at most $(\max\lvert\sigma'\rvert\,\sigma_{\max}(W))^T$ | [product](#eq-sq-product) |
| LSTM | $c_t=f_t\odot c_{t-1}+i_t\odot\tilde c_t$ | [gates](#eq-sq-lstm) |
| GRU | $h_t=(1-z_t)\odot h_{t-1}+z_t\odot\tilde h_t$ | [one state](#eq-sq-gru) |
| linear recurrence | $\xi^{t+1}=\Lambda\xi^t+\tilde Bx^t$, a convolution or a scan | [unit](#eq-sq-lru) |
| attention | $c_t=\sum_\tau\alpha_{t\tau}z_\tau$ | [look back](#eq-sq-attention) |

**Further reading.** {cite:t}`hochreiter1997lstm` for the idea of the constant error carousel, {cite:t}`pascanu2013` for the geometry of exploding gradients, {cite:t}`orvieto2023` for the return of the linear recurrence, {cite:t}`goodfellow2016` for the whole field up to attention.
"""
