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
(transformers-chapter)=
# Transformers

A machine writes with four letters, `m`, `a`, `n`, `o`. For each new letter it tosses a coin. With probability 0.6 it repeats the letter it wrote eight places ago; otherwise it looks up its last letter in a small table and draws from that row. You see a long text and guess the next letter. How much does it help to remember one letter more?
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
from torch import nn

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


def entropy(p):
    """Entropy in nats of the probabilities p."""
    p = np.asarray(p, float)
    return -(p[p > 0] * np.log(p[p > 0])).sum()


def normal(*shape, seed=0):
    """Standard normal numbers of this shape, the same for the same seed."""
    g = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=g, dtype=torch.float64)


# %% tags=["remove-cell"]
@exercise.define("tf-two-tokens")
def _(answer):
    for a, b in ((1.0, -2.0), (1.0, 1.0), (0.5, 3.0)):
        weight = torch.tensor([a, b]).softmax(0)[0].item()
        assert abs(answer(a, b) - weight) < 1e-6, (
            f"for scores {a} and {b} the weight is {weight:.4f}"
        )
    return True


@exercise.define("tf-flat")
def _(answer):
    X = normal(5, 4, seed=1)
    assert torch.allclose(answer(X), X.mean(0).expand(5, 4), atol=1e-3), (
        "the outputs are not all the mean of the values"
    )
    return True


@exercise.define("tf-rotary-half")
def _(answer):
    assert answer > 0, "the smallest positive distance"
    q = torch.tensor([1.0, 0.0])
    score = (q @ rotate(q[None], torch.tensor([[0.1 * answer]]))[0]).item()
    assert abs(score) < 1e-4, f"at that distance the score is {score:.3f}"
    assert answer < 20, "there is a smaller one"
    return True


@exercise.define("tf-window")
def _(answer):
    for T, w in ((5, 1), (7, 3)):
        want = [[0 <= i - j < w for j in range(T)] for i in range(T)]
        got = torch.as_tensor(answer(T, w))
        assert got.dtype == torch.bool and got.shape == (T, T), "a boolean matrix T × T"
        assert got.tolist() == want, f"wrong for T = {T}, w = {w}: who sees token 1?"
    return True


@exercise.define("tf-parameters")
def _(answer):
    for L, d in ((1, 8), (3, 32)):
        model = Transformer(50, 50, d, 2, L)
        want = sum(p.numel() for p in model.parameters())
        assert answer(50, d, L) == want, f"for d = {d} and {L} blocks there are {want}"
    return True


@exercise.define("tf-echo-rate")
def _(answer):
    for p in (0.2, 0.6):
        want = entropy([p + (1 - p) / 4] + 3 * [(1 - p) / 4])
        assert abs(answer(p) - want) < 1e-9, (
            f"for echo probability {p} the rate is {want:.4f}"
        )
    return True


@exercise.define("tf-cooler")
def _(answer):
    p = (torch.tensor([math.log(4.0), 0.0]) / answer).softmax(0)[0]
    assert abs(p - 0.95) < 1e-3, f"at your temperature it is {p:.3f}"
    return True


@exercise.define("tf-predict")
def _(answer):
    x = torch.randint(4, (200, 40), generator=torch.Generator().manual_seed(9))
    rows = [[torch.as_tensor(answer(e, l)) for l in range(4)] for e in range(4)]
    table = torch.stack([torch.stack(row) for row in rows]).double()
    assert table.shape == (4, 4, 4), "four probabilities for each pair of letters"
    assert torch.allclose(table.sum(2), torch.ones(4, 4).double()), "they sum to one"
    with torch.no_grad():
        said = gpt(x)[:, lag - 1 :].softmax(-1)
    mine = table[x[:, : 41 - lag], x[:, lag - 1 :]]
    off = (mine - said).abs().sum(-1).mean().item() / 2
    assert off < 0.08, f"the GPT says otherwise, by {off:.2f} on average"
    return True


@exercise.define("tf-merges")
def _(answer):
    text = "low lower lowest "
    *done, want = learn_merges(text, 3)
    assert len(answer) == 2, "a pair: two pieces"
    pair, now = tuple(answer), tokenize(text, done)
    stands = list(zip(now, now[1:])).count(pair)
    assert pair == want, (
        f"after two merges the pieces are {now}; yours stands there {stands} times"
    )
    return True


@exercise.define("tf-carry")
def _(answer):
    for a in range(10):
        for b in range(10):
            for c in (0, 1):
                total = a + b + c
                assert answer(a, b, total % 10) == total // 10, (
                    f"column {a}, {b} with sum digit {total % 10} carries {total // 10}"
                )
    return True


@exercise.define("tf-cross")
def _(answer):
    from torch.utils.flop_counter import FlopCounterMode

    for m, n, d in ((3, 5, 8), (7, 2, 4)):
        with FlopCounterMode(display=False) as counter:
            attention(torch.zeros(m, d), torch.zeros(n, d), torch.zeros(n, d))
        want = counter.get_total_flops() // 2
        assert answer(m, n, d) == want, (
            f"torch counts {want} for m = {m}, n = {n}, d = {d}"
        )
    return True


@exercise.define("tf-induction")
def _(answer):
    g = torch.Generator().manual_seed(5)
    for _ in range(20):
        word = torch.randperm(12, generator=g)[:7]
        x = word.repeat(3)[:18]
        first, second = (torch.as_tensor(W).double() for W in answer(x))
        assert first.shape == second.shape == (18, 18), "two matrices T × T"
        for W in (first, second):
            assert torch.allclose(W.sum(1), torch.ones(18).double()), (
                "the rows have to sum to one"
            )
            assert W.triu(1).abs().max() == 0, "no looking ahead"
        assert all(first[t, t - 1] > 0.9 for t in range(1, 18)), (
            "layer 1: token t looks at t − 1"
        )
        said = second @ F.one_hot(x, 12).double()
        assert (said[7:17].argmax(1) == x[8:]).all(), (
            "layer 2 does not copy what came next"
        )
    return True


@exercise.define("tf-linear")
def _(answer):
    q, k, v = normal(40, 6), normal(40, 6, seed=1), normal(40, 3, seed=2)
    got = answer(q, k, v)
    assert got.shape == (40, 3) and torch.allclose(got, (q @ k.T).tril() @ v), (
        "it differs from (QKᵀ, masked) V"
    )
    return True


# %% tags=["set-up"]
letters, lag, echo = "mano", 8, 0.6
P = np.array(
    [
        [0.25, 0.05, 0.50, 0.20],
        [0.10, 0.30, 0.40, 0.20],
        [0.65, 0.05, 0.05, 0.25],
        [0.25, 0.35, 0.35, 0.05],
    ]
)
context = np.arange(4**lag)  # the last eight letters as a number, the oldest first
cond = (1 - echo) * P[context % 4] + echo * np.eye(4)[context // 4 ** (lag - 1)]


def long_run():
    """How often each context occurs in the long run: a fixed point of one step."""
    p = np.full(4**lag, 1 / 4**lag)
    for _ in range(320):
        p = (p[:, None] * cond).reshape(4, -1).sum(0)  # the oldest letter drops out
    return p / p.sum()


pi = long_run()
joint = (pi[:, None] * cond).ravel()  # frequency of every block of nine letters
H_block = [0.0] + [entropy(joint.reshape(-1, 4**n).sum(0)) for n in range(1, lag + 2)]
H_next = np.diff(H_block)  # H_next[m] = H(letter | m letters before it)
rate = H_next[-1]

# %% [markdown]
r"""
There are only $4^8=65536$ pasts that matter, so the exact frequency $\pi$ of each can be computed, and from it the entropy of a block of $n$ letters, $H_n$. What remains uncertain about a letter when the $m$ before it are known is $H_{m+1}-H_m$:
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Remaining uncertainty about the next letter against the number of letters remembered: a drop from 0 to 1 letters, then flat near 1.2 nats up to 7, then a cliff down to 0.80 at 8."}}
plt.plot(range(lag + 1), H_next, "o-")
plt.axhline(rate, color=plot.GREY, ls=":")
plt.text(0, rate + 0.02, "entropy rate", color=plot.GREY)
plt.xlabel("letters remembered")
plt.ylabel("uncertainty of the next (nats)")
plt.ylim(0.7, 1.45)
plt.show()

# %% tags=["checks"]
verify(
    "one step of the machine leaves the frequencies of its pasts unchanged",
    (pi[:, None] * cond).reshape(4, -1).sum(0),
    pi,
    atol=1e-9,
)
verify(
    "entropy rate: the mean entropy of the next letter over all pasts",
    rate,
    float(pi @ -(cond * np.log(cond)).sum(1)),
    rtol=1e-7,
)
verify_at_least(
    "what the eighth letter tells, over all that the second to the seventh tell",
    (H_next[7] - H_next[8]) / (H_next[1] - H_next[7]),
    5.0,
)

# %% [markdown]
r"""
Hardly at all, for a long while; then the eighth letter pays for everything, and the uncertainty falls to the *entropy rate* of the machine, 0.80 nats, which no guesser can beat on average. A table of all pasts needs 65,536 rows to get there. A model that could *look back eight places* would need almost nothing. Looking back is what a transformer does; this chapter builds one, watches it reach the entropy rate, reads in it what it found, and then makes other things of the same block.

You will be able to

- **derive** attention from a weighted mean and say why each of its parts is there,
- **build** masks, positions, heads and blocks, a GPT and a decoder, and match PyTorch to rounding,
- **train** a small GPT to the limit that theory sets, and **read** its attention,
- **test** whether a model has learnt a rule or a table, and **say** what its loss may be compared with.

It builds on [the softmax](#softmax), [backpropagation](#backpropagation), [Adam](#adam) and [entropy](#entropy). Reading takes an hour and a half. A sequence is a matrix $X$ whose $T$ rows are *tokens* $x_i\in\mathbb R^d$. A model is *autoregressive* when it predicts a sequence one token at a time, each from those before it; *causal* when no output depends on a later input. Logarithms are natural.

(simple-self-attention)=
## A word in its context

What does *bank* mean? That depends on its neighbours: a network that reads language must let words change each other. A layer for this should treat all positions in parallel, unlike a [recurrent network](#recurrent-neural-network), and let any position see any other, however far, unlike a convolution. The plainest such layer is a mean over all tokens with weights that depend on who asks,

$$
y_i=\sum_{j=1}^Tw_{ij}x_j,\qquad w_{ij}\ge0,\quad\sum_jw_{ij}=1 .
$$ (eq-tf-mean)

Let $x_j$ count for $i$ as far as it resembles $x_i$. Give four words two coordinates, *how much money, how much water*: old $(0,0)$, river $(0,2)$, money $(2,0)$, bank $(1,1)$. In *old river bank* the [inner products](#inner-product) of *bank* with the three words are $0,2,2$. Exponentials make them positive, $1,\ 7.39,\ 7.39$, and division by their sum makes them weights, $0.06,\ 0.47,\ 0.47$. The new *bank* is

$$
0.06\,(0,0)+0.47\,(0,2)+0.47\,(1,1)=(0.47,\,1.40),
$$

three parts water to one part money. In *old money bank* it becomes $(1.40,0.47)$. The same word has got two meanings, and nothing was trained.

:::{prf:definition} Simple self-attention
:label: def-tf-simple
$$
w'_{ij}=x_i^\top x_j,\qquad w_{ij}=\frac{e^{w'_{ij}}}{\sum_ke^{w'_{ik}}},\qquad Y=\operatorname{softmax}(XX^\top)\,X,
$$
the softmax taken over each row.
:::
"""


# %%
def self_attention(X):  # X (T, d)
    W = (X @ X.T).softmax(-1)  # (T, T), every row sums to one
    return W @ X, W


# %% [markdown]
r"""
Weights that are positive with sum one put every output inside the triangle of its words. Drag $s$, which scales all the words: scores grow like $s^2$. Near zero each word becomes the plain mean; for large $s$ the *bank* is torn between itself and its best neighbour, and *old* is forgotten.
"""

# %% tags=["picture"]
meaning = {"old": (0, 0), "river": (0, 2), "money": (2, 0), "bank": (1, 1)}


def sentence(words, s=1.0):
    return s * torch.tensor([meaning[w] for w in words.split()], dtype=torch.float64)


def banks(s):
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.3), sharey=True)
    for ax, words in zip(axes, ("old river bank", "old money bank")):
        X = sentence(words, s)
        Y, W = (A.numpy() for A in self_attention(X))
        X = X.numpy()
        ax.fill(*X.T / s, color=plot.SKY, alpha=0.25, lw=0)
        for j, word in enumerate(words.split()):
            ax.plot(*X[j] / s, "o", color=plot.BLUE)
            ax.annotate(
                f"{word}  {W[2, j]:.2f}",
                X[j] / s,
                xytext=(6, 5),
                textcoords="offset points",
            )
            ax.plot(
                *np.stack([X[j] / s, Y[2] / s]).T,
                color=plot.RED,
                lw=8 * W[2, j],
                alpha=0.4,
                solid_capstyle="round",
            )
        ax.plot(*Y[2] / s, "*", color=plot.RED, ms=14)
        ax.set(title=words, xlim=(-0.3, 2.9), ylim=(-0.3, 2.6), xlabel="money")
    axes[0].set_ylabel("water")
    return fig


explore(
    banks,
    s=[1.0, 0.3, 0.6, 1.5, 2.5],
    alt="Two triangles of words in a plane of money and water; a star, the new meaning of bank, lies towards river in one and towards money in the other, and lines as thick as the weights lead to it",
)

# %% tags=["checks"]
e2 = math.exp(2)
verify(
    "bank beside river and beside money, by hand",
    torch.stack(
        [self_attention(sentence(f"old {w} bank"))[0][2] for w in ("river", "money")]
    ),
    np.array([[e2, 3 * e2], [3 * e2, e2]]) / (1 + 2 * e2),
    atol=1e-12,
)
X = normal(6, 4)
scores = [[math.exp(sum(a * b for a, b in zip(x, y))) for y in X] for x in X]
verify(
    "six tokens in four dimensions: the matrix form against plain loops",
    self_attention(X)[0],
    [
        [sum(r[j] * X[j, c] for j in range(6)) / sum(r) for c in range(4)]
        for r in scores
    ],
    atol=1e-12,
)

# %% [markdown]
r"""
Every pair of tokens meets once, so the cost is $O(T^2d)$; no pair is farther apart than any other.

**Try it.** With two tokens, $w_{11}$ is a [sigmoid](#sigmoid) of something. Write it as a function of the scores $a=x_1^\top x_1$ and $b=x_1^\top x_2$.
"""

# %% tags=["yours"]
two_tokens = ...  # a function of a and b

exercise("tf-two-tokens").check(two_tokens)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$e^a/(e^a+e^b)=\sigma(a-b)$.

```python
two_tokens = lambda a, b: 1 / (1 + math.exp(b - a))
```

</details>

(attention-mechanism)=
## Ask, be found, be read

In the mean above a token plays three roles at once: it asks, it is what others look for, and it is what they take away. So *bank* spent as much on itself as on *river*: it could not ask for something unlike itself. Our machine needs the three apart. Standing at place $i$ it should *ask* for the place $i-7$ (eight before the letter to come), *be found* by its own place, and *give away* its letter.

So each role gets a linear map of its own, with trainable matrices $W_Q,W_K\in\mathbb R^{d_k\times d}$, $W_V\in\mathbb R^{d_v\times d}$ and, usually, biases:

$$
q_i=W_Qx_i+b_Q,\qquad k_i=W_Kx_i+b_K,\qquad v_i=W_Vx_i+b_V .
$$ (eq-tf-roles)

A *query* $q_i\in\mathbb R^{d_k}$ is compared with all *keys* $k_j$ of the same width; the softmax of the scores weighs the *values*. With the $q_i,k_i,v_i$ as rows of matrices $Q,K,V$ this is *scaled dot-product attention* {cite:p}`vaswani2017`:

$$
Y=\operatorname{softmax}\Bigl(\frac{QK^\top}{\sqrt{d_k}}\Bigr)V .
$$ (eq-tf-attention)

The root will be explained in a moment; the mask, which says who may look at whom (true: may look), waits for [its section](#causal-self-attention).
"""


# %%
def attention(Q, K, V, mask=None):
    S = Q @ K.mT / math.sqrt(Q.shape[-1])  # scores, (..., queries, keys)
    if mask is not None:
        S = S.masked_fill(~mask, -torch.inf)
    W = S.softmax(-1)
    return W @ V, W


# %% [markdown]
r"""
**A head by hand.** Let a token know its letter and its place, both as one-hot vectors. Then $W_K$ picks out the place, $W_V$ the letter, and $W_Q$ the place moved back by seven, times $c$: the key of place $j$ is $e_j$, the query of place $i$ is $c\,e_{i-7}$, the value is the letter. A mask hides the letters to come (without it the head would read the answer); the wrong places that are left get the score 0, the right one $c/\sqrt{d_k}$. The mean of the values is then a guess at the letter that would be echoed, and the next letter is an echo with probability 0.6:
"""


# %%
def by_hand(x, c):  # x (texts, T) letters as numbers; the chance of each next letter
    place = torch.eye(x.shape[1], dtype=torch.float64)  # (T, T), one row a place
    Q = c * place.roll(lag - 1, 0)  # place i asks for i − 7
    seen = torch.ones(len(place), len(place)).tril() > 0  # no looking ahead
    echoed, W = attention(Q, place, F.one_hot(x, 4).double(), seen)
    return echo * echoed + (1 - echo) * torch.tensor(P)[x], W


# %% tags=["set-up"]
def write(n, T, seed):
    """n texts of T letters, as numbers 0 to 3, from the machine in its long run."""
    rng = np.random.default_rng(seed)
    start = rng.choice(4**lag, n, p=pi)
    x = np.empty((n, T), int)
    x[:, :lag] = start[:, None] // 4 ** np.arange(lag)[::-1] % 4
    for t in range(lag, T):
        drawn = (rng.random((n, 1)) > P[x[:, t - 1]].cumsum(1)).sum(1)
        x[:, t] = np.where(rng.random(n) < echo, x[:, t - lag], drawn)
    return torch.tensor(x)


def number(x, n):
    """Every block of n letters in the rows of x as one number, the oldest first."""
    return sum(x[:, k : x.shape[1] - n + 1 + k] * 4 ** (n - 1 - k) for k in range(n))


spell = lambda x: "".join(letters[i] for i in x)
train_text, test_text = write(30_000, 41, 0), write(3000, 41, 1)
truth = -np.log(cond.ravel()[number(test_text, lag + 1).numpy()])  # (texts, 33) nats
hand_loss = {}
print("score of the right place   its weight   loss above the truth (nats)")
for score in (0, 2, 4, 6, 8, 12):
    guess, W = by_hand(test_text[:, :-1], score * 40**0.5)
    told = guess[:, lag - 1 :].gather(2, test_text[:, lag:, None])[..., 0]
    above = (-told.log().mean() - truth.mean()).item()
    hand_loss[score] = above, W[20, 13].item()
    print(f"{score:13}{hand_loss[score][1]:20.3f}{hand_loss[score][0]:20.3f}")

# %% tags=["picture"]
text_shown = write(1, 40, 6)[0]


def head_by_hand(score):
    fig, ax = plt.subplots(figsize=(6.8, 3.3))
    ax.imshow(
        by_hand(text_shown[None], score * 40**0.5)[1][:20, :20],
        vmin=0,
        vmax=1,
        aspect="auto",
        cmap="Blues",
    )
    names = list(spell(text_shown[:20]))
    ax.set(xticks=range(20), yticks=range(20), xlabel="is looked at, $j$", ylabel="$i$")
    ax.set_xticklabels(names, fontsize=8)
    ax.set_yticklabels(names, fontsize=8)
    ax.set_ylim(19.5, 6.5)
    ax.grid(False)
    return fig


explore(
    head_by_hand,
    score=[6, 0, 2, 12],
    alt="Attention map of the head made by hand: from an even grey over the past at score 0 a diagonal seven places to the left emerges and takes all the weight",
)

# %% [markdown]
r"""
Each row is a place that asks, each column one that is looked at; the dark line is the look back. At 12 the head has 0.9999 of its weight where it should, and the opening's puzzle is answered: forty keys and queries do what the table of 65,536 rows does. (The picture begins at the eighth row; before that there is nothing to echo.) We put the answer in by hand. The question from now on is whether a network *finds* it.
"""

# %% tags=["checks"]
verify(
    "weight of the right place, seen from the 21st, by hand: eˢ against 20 wrong ones",
    [weight for _, weight in hand_loss.values()],
    [math.exp(s) / (math.exp(s) + 20) for s in hand_loss],
    atol=1e-12,
)
verify_within_se(
    "the true probabilities, scored on fresh text: the entropy rate",
    truth.mean(1),
    rate,
)
verify_at_most(
    "the head by hand at score 12: nats above the truth", hand_loss[12][0], 1e-4
)
verify_at_least(
    "… by which it falls from each score to the next",
    -np.diff([above for above, _ in hand_loss.values()]),
    0,
)
Q, K, V = normal(2, 5, 8), normal(2, 7, 8, seed=1), normal(2, 7, 3, seed=2)
some = normal(5, 7, seed=3) > 0.3
some[:, 0] = True  # everybody sees at least one key
verify(
    "attention without and with a mask: torch's scaled_dot_product_attention",
    torch.stack([attention(Q, K, V)[0], attention(Q, K, V, some)[0]]),
    torch.stack([F.scaled_dot_product_attention(Q, K, V, m) for m in (None, some)]),
    atol=1e-12,
)

# %% [markdown]
r"""
**Why the root?** Let the entries of $q$ and $k$ be independent with mean 0 and variance 1. Each product $q_ck_c$ has mean 0 and variance 1, and $q^\top k$ is a sum of $d_k$ of them: its variance is $d_k$. Scores of size $\sqrt{d_k}$ push the softmax into its corner, where one key takes everything and [the gradient](#softmax) $\partial w_i/\partial s_j=w_i(\delta_{ij}-w_j)$ dies. Sixteen random keys, with the root and without:
"""

# %% tags=["set-up"]
widths = (4, 16, 64, 256, 1024)
raw_scores = {
    d: (normal(200, 1, d, seed=d) * normal(200, 16, d, seed=d + 1)).sum(-1)
    for d in widths
}


def corner(S):
    """Mean largest weight, mean size of the softmax's derivative."""
    W = S.softmax(-1)
    J = torch.diag_embed(W) - W[..., :, None] * W[..., None, :]
    return W.amax(-1).mean().item(), J.flatten(1).norm(dim=1).mean().item()


corners = {
    divided: np.array(
        [corner(S / d**0.5 if divided else S) for d, S in raw_scores.items()]
    )
    for divided in (True, False)
}

# %% tags=["picture"] mystnb={"image": {"alt": "Two panels against the width of the keys. Left, the largest of sixteen weights: about 0.25 at every width with the root, rising to nearly 1 without. Right, the size of the softmax's derivative: constant with the root, falling towards zero without."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.8))
for k, title in enumerate(("largest weight", "size of the derivative")):
    for divided, colour in ((True, plot.BLUE), (False, plot.RED)):
        axes[k].plot(
            widths,
            corners[divided][:, k],
            "o-",
            color=colour,
            label="with the root" if divided else "without",
        )
    axes[k].set(xscale="log", xlabel="$d_k$", title=title, ylim=(0, None))
axes[0].legend()
plt.show()

# %% tags=["checks"]
verify_within_se(
    "variance of q·k over d, for the five widths together",
    torch.cat([(S**2).mean(1) / d for d, S in raw_scores.items()]),
    1.0,
)
verify_at_most(
    "derivative of the softmax, widest keys over narrowest, without the root",
    corners[False][-1, 1] / corners[False][0, 1],
    1 / 3,
)
verify_at_least("… and with it", corners[True][-1, 1] / corners[True][0, 1], 0.8)

# %% [markdown]
r"""
**Several heads.** One mean per token is little. Let a token look at an `m` and at an `a` with weight one half each: the mean says *m and a*, but not which stood where. A second head keeps the two looks apart. *Multi-head attention* cuts $q,k,v$ into $h$ pieces of width $d/h$, lets each piece attend on its own, joins the results and mixes them with one more matrix. The parameters are $4d^2+4d$, whatever $h$.
"""


# %%
class MultiHead(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)

    def roles(self, x, start=0):  # (batch, T, d) to three of (batch, heads, T, d/heads)
        B, T, _ = x.shape
        return self.qkv(x).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)

    def forward(self, x, mask=None):
        y, self.W = attention(*self.roles(x), mask)  # the weights are kept, to be seen
        return self.out(y.transpose(1, 2).flatten(2))


# %% tags=["set-up"]
@torch.no_grad()
def give_weights(ours, theirs):
    """Copy the weights of a torch module into ours; plumbing for comparisons."""
    if isinstance(theirs, nn.MultiheadAttention):
        ours.qkv.weight.copy_(theirs.in_proj_weight)
        ours.qkv.bias.copy_(theirs.in_proj_bias)
        ours.out.load_state_dict(theirs.out_proj.state_dict())
        return
    give_weights(ours.attn, theirs.self_attn)
    pairs = [(ours.norm1, theirs.norm1), (ours.norm2, theirs.norm2)]
    if isinstance(theirs, nn.TransformerDecoderLayer):  # their norm3 precedes the MLP
        give_weights(ours.cross, theirs.multihead_attn)
        pairs = [(ours.norm1, theirs.norm1), (ours.norm_cross, theirs.norm2)]
        pairs += [(ours.norm2, theirs.norm3)]
    pairs += [(ours.mlp[0], theirs.linear1), (ours.mlp[2], theirs.linear2)]
    for a, b in pairs:
        a.load_state_dict(b.state_dict())


@torch.no_grad()
def stirred(module, seed=0):
    """The module with noise on every weight, so that none is at its start value."""
    g = torch.Generator().manual_seed(seed)
    for p in module.parameters():
        p.add_(0.1 * torch.randn(p.shape, generator=g))
    return module


# %% tags=["checks"]
torch.manual_seed(0)
ours, theirs = MultiHead(16, 4), stirred(nn.MultiheadAttention(16, 4, batch_first=True))
give_weights(ours, theirs)
with torch.no_grad():
    x = normal(3, 7, 16).float()
    y, W = theirs(x, x, x, average_attn_weights=False)
    verify("multi-head attention: torch's MultiheadAttention", ours(x), y, atol=1e-5)
    verify("… and the weights of every head", ours.W, W, atol=1e-5)

# %% [markdown]
r"""
**Try it.** Call `attention` with keys and values $X$ and queries of your choice so that every output is the plain mean of the tokens.
"""

# %% tags=["yours"]
flat = ...  # a function of X (T, d) that calls attention and returns (T, d)

exercise("tf-flat").check(flat)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A query of zeros scores every key alike.

```python
flat = lambda X: attention(torch.zeros_like(X), X, X)[0]
```

</details>
"""

# %% [markdown]
r"""
(attention-permutation-equivariance)=
## A sequence seen as a set

In the head by hand we told every token its place. Was that necessary? Shuffle the words of a sentence and see what attention makes of it.

:::{prf:theorem} Permutation equivariance
:label: thm-tf-equivariance
For every permutation matrix $\Pi$, $\;\mathrm{SA}(\Pi X)=\Pi\,\mathrm{SA}(X)$.
:::

:::{prf:proof}
Permuting rows permutes queries, keys and values: $\Pi Q,\Pi K,\Pi V$. The scores become $\Pi QK^\top\Pi^\top$, rows and columns in the new order. The softmax works on each row and does not mind the order within it, so $W$ becomes $\Pi W\Pi^\top$. Then $\Pi W\Pi^\top\Pi V=\Pi WV$, since $\Pi^\top\Pi=I$.
:::

Inputs in another order give the same outputs in that other order, and nothing else: the layer sees a *set*. In *dog bites man, man bites dog* the two *dogs* are equal vectors in the same set, so they get equal outputs, and nobody can say who was bitten.

(positional-information)=
**Where am I?** The place $t$ must enter somewhere. Three ways:

- a *position embedding*: a trained vector $p_t$ is added to the token at $t$;
- a *position encoding*: the added vector follows a rule, $\mathrm{PE}(t)=(\sin\omega_0t,\cos\omega_0t,\sin\omega_1t,\cos\omega_1t,\dots)$ with frequencies $\omega_i=10000^{-2i/d}$;
- *relative positions*: the score itself depends on $i-j$. *Rotary* encoding {cite:p}`su2024` turns query and key, in each pair of coordinates, by the angle $\omega t$.

By hand: let query and key be the arrow $(1,0)$ with $\omega=0.1$. At places 3 and 10 they have turned by 0.3 and 1.0, their inner product is $\cos0.7$; at places 20 and 27 it is $\cos0.7$ again. In general, with $R_t$ the turn by $\omega t$,

$$
(R_iq)^\top(R_jk)=q^\top R_i^\top R_jk=q^\top R_{j-i}\,k :
$$ (eq-tf-rotary)

only the distance counts. So "seven places back" is one fact for all places, not one for each. The added encoding has a relative of this property: by the addition theorems $\mathrm{PE}(t+k)$ is $\mathrm{PE}(t)$ with each pair turned by $\omega_ik$, wherever it starts, so its inner products depend on the distance alone. Rotary positions are three lines beside the attention that we have (base 100, not 10000: our texts are short):
"""


# %%
def rotate(x, theta):  # pairs of coordinates as complex numbers, place t by theta[t]
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    turn = torch.polar(torch.ones_like(theta), theta).to(pairs.dtype)
    return torch.view_as_real(pairs * turn).flatten(-2)


# %%
def angles(T, d, base=100.0):
    omega = base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    return torch.arange(T)[:, None] * omega  # (T, d/2)


class Rotary(MultiHead):
    def roles(self, x, start=0):  # start: the place of the first token
        q, k, v = super().roles(x)  # each (batch, heads, T, d/heads)
        theta = angles(start + x.shape[1], q.shape[-1])[start:]
        return rotate(q, theta), rotate(k, theta), v


# %% tags=["set-up"]
def encoding(T, d, base=10000.0):
    """The sinusoidal encoding of T places, (T, d)."""
    theta = angles(T, d, base)
    return torch.stack([theta.sin(), theta.cos()], -1).flatten(1)


# %% [markdown]
r"""
Left, the encoding: fast waves in the first coordinates, in the last ones too slow to be seen over so few places, like the digits of a clock. Right, what the inner products of places see: stripes, distance only.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Left: heat map of the sinusoidal encoding, fast waves in the first coordinates, slow ones in the last. Right: inner products of encodings, constant along diagonals and largest on the main one."}}
PE = encoding(200, 16)
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.0))
axes[0].imshow(PE.T, aspect="auto")
axes[0].set(title="PE", xlabel="place $t$", ylabel="coordinate", yticks=range(0, 16, 3))
axes[1].imshow(PE @ PE.T)
axes[1].set(title="$PE\\,PE^\\top$", xlabel="$t$", ylabel="$t$")
for ax in axes:
    ax.grid(False)
plt.show()

# %% tags=["checks"]
X, maps = normal(6, 8), [normal(8, 8, seed=s) / 3 for s in (1, 2, 3)]
plain = lambda X: attention(*(X @ M for M in maps))[0]
orders = [
    torch.randperm(6, generator=torch.Generator().manual_seed(s)) for s in range(20)
]
verify(
    "SA(ΠX) − Π SA(X), 20 permutations: with Q, K, V, and without",
    torch.stack(
        [
            f(X[o]) - f(X)[o]
            for o in orders
            for f in (plain, lambda X: self_attention(X)[0])
        ]
    ),
    np.zeros((40, 6, 8)),
    atol=1e-12,
)
by_rule = [
    [(math.sin, math.cos)[c % 2](t / 10000 ** (c // 2 / 8)) for c in range(16)]
    for t in range(40)
]
verify("sinusoidal encoding, entry by entry", PE[:40], by_rule, atol=1e-12)
q, k = normal(2, 8)
turns = angles(30, 8)
S = rotate(q.repeat(30, 1), turns) @ rotate(k.repeat(30, 1), turns).T
turned = lambda v, t: (
    torch.block_diag(
        *(torch.tensor([[a.cos(), -a.sin()], [a.sin(), a.cos()]]) for a in t)
    )
    @ v
)
by_distance = [q @ turned(k, turns[n]) for n in range(30)]
verify(
    "rotary scores of one query and key: at places 0 and n, and at 5 and n, by matrices",
    torch.cat([S[0], S[5, 5:]]),
    torch.stack([*by_distance, *by_distance[:25]]),
    atol=1e-5,
)
torch.manual_seed(0)
dogs = normal(1, 6, 8).float()
dogs[0, 5] = dogs[0, 0]  # dog bites man, man bites dog
gaps = []
for layer, added in (
    (MultiHead(8, 2), 0),
    (MultiHead(8, 2), encoding(6, 8).float()),
    (Rotary(8, 2), 0),
):
    y = layer(dogs + added)[0]
    gaps.append((y[0] - y[5]).abs().max().item())
verify(
    "the two dogs without places: difference of their outputs", gaps[0], 0.0, atol=1e-6
)
verify_at_least("… with an added encoding, and with rotary places", gaps[1:], 1e-3)

# %% [markdown]
r"""
**Try it.** Query and key are the same arrow with two coordinates; the rotary frequency is $\omega=0.1$. At which smallest distance (not necessarily whole) is their score zero?
"""

# %% tags=["yours"]
rotary_half = ...  # a number

exercise("tf-rotary-half").check(rotary_half)

# %% [markdown]
r"""
<details><summary>Solution</summary>

By [the rotation rule](#eq-tf-rotary) the score is $\lVert q\rVert^2\cos(0.1\,n)$, zero at $n=5\pi$.

```python
rotary_half = 5 * math.pi
```

</details>

(causal-self-attention)=
## Not looking ahead

A model that is to predict the next token must not see it. One pass over a text could train all its predictions at once, if only token $i$ saw no $j>i$. *Causal* self-attention sets the scores of the future to minus infinity, before the softmax:

$$
w'_{ij}\leftarrow-\infty\ \text{ for } j>i\qquad\Longrightarrow\qquad W\ \text{lower triangular, rows of sum 1}.
$$ (eq-tf-causal)

By hand: three tokens with equal scores get the rows $(1,0,0)$, $(\frac12,\frac12,0)$, $(\frac13,\frac13,\frac13)$. Then $y_i$ depends on $x_1,\dots,x_i$ only. (So the mask breaks the symmetry: a causal layer sees the *set of its past*, and lacks only the order within.) The current token is included; without it $y_1$ would be a mean over nothing. Other patterns of forbidden pairs encode other prior knowledge: a window of neighbours, or the edges of a graph.

**A common slip** is to put the zeros in *after* the softmax. The picture is triangular too, but the future is still in the denominators. Watch the row sums, and what happens to the first five outputs when the sixth token changes:
"""


# %%
def masked_late(Q, K, V, mask):
    W = attention(Q, K, V)[1] * mask  # too late
    return W @ V, W


# %% tags=["set-up"]
tokens_six = normal(6, 8, seed=4)
other_end = tokens_six.clone()
other_end[5] += 1.0  # another last token
causal_six = torch.ones(6, 6, dtype=torch.bool).tril()
six_maps = [normal(8, 8, seed=s) / 3 for s in (1, 2, 3)]
roles_six = lambda X: [X @ M for M in six_maps]
leak = {}
for name, layer in (("before", attention), ("after", masked_late)):
    (y, W), (changed, _) = (
        layer(*roles_six(X), causal_six) for X in (tokens_six, other_end)
    )
    leak[name] = W, (changed - y)[:5].abs().max().item(), (changed - y)[5].abs().max()
    print(
        f"masked {name:6} softmax: row sums",
        " ".join(f"{s:.2f}" for s in W.sum(1)),
        f"\n{'':22}earlier outputs change by {leak[name][1]:.2f}",
    )

# %% tags=["checks"]
verify("masked before: change of earlier outputs", leak["before"][1], 0.0, atol=1e-15)
verify_at_least("… of its own output", leak["before"][2], 0.1)
verify_at_least("masked after: change of earlier outputs", leak["after"][1], 0.01)
verify(
    "dividing the late rows by their sums gives the early ones",
    leak["after"][0] / leak["after"][0].sum(1, keepdim=True),
    leak["before"][0],
    atol=1e-12,
)

# %% [markdown]
r"""
(padding-mask)=
**Padding.** Texts in one batch have different lengths; the short ones are filled up with a token that means nothing, and a *padding mask* forbids all to look at it. A row in which everything is forbidden asks the softmax for $e^{-\infty}/\sum e^{-\infty}=0/0$: *not a number*, and one NaN in the loss ruins all the weights. It happens when a text is padded on the left and a mask is causal too: the first padded token may look at itself only, and that is forbidden. The cure is to forbid no row everything. Let every token see itself; what a padded token computes is nobody's business, for nobody looks at it.
"""


# %%
def padded_mask(real):  # real (batch, T), false where padding stands
    T = real.shape[1]
    causal = torch.ones(T, T, dtype=torch.bool).tril()
    return causal & real[:, None] | torch.eye(T, dtype=torch.bool)  # (batch, T, T)


# %% tags=["checks"]
short, long = normal(3, 8, seed=6), normal(5, 8, seed=7)
left_padded = torch.stack([torch.cat([torch.zeros(2, 8).double(), short]), long])
real = torch.tensor([[False] * 2 + [True] * 3, [True] * 5])
tril = torch.ones(5, 5, dtype=torch.bool).tril()
bare = attention(*roles_six(left_padded), tril & real[:, None])[0]
verify("outputs that are NaN with the bare mask", int(bare.isnan().any(-1).sum()), 2)
together = attention(*roles_six(left_padded), padded_mask(real))[0]
verify(
    "padded in one batch: the outputs of each text alone",
    torch.cat([together[0, 2:], together[1]]),
    torch.cat(
        [attention(*roles_six(x), tril[: len(x), : len(x)])[0] for x in (short, long)]
    ),
    atol=1e-12,
)

# %% [markdown]
r"""
**Try it.** Write the mask of a causal layer in which each token sees itself and the $w-1$ tokens before it.
"""

# %% tags=["yours"]
window = ...  # a function of T and w, a boolean tensor (T, T), true where one may look

exercise("tf-window").check(window)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Lower triangular, without what lies $w$ or more below the diagonal.

```python
def window(T, w):
    ones = torch.ones(T, T, dtype=torch.bool)
    return ones.tril() & ~ones.tril(-w)
```

</details>

(transformer-block)=
## The block

Attention moves information between tokens; it computes little, for its output is a mean. So let a small network, the same for all, work on each token between the moves. Two devices make the pair stackable. Each part only *adds* to its input, $x\leftarrow x+f(x)$: that gives the tokens a straight road through the whole stack, and [gradients](#reverse-mode-ad) one back. And each part reads a standardised copy of the token, its *layer norm* {cite:p}`ba2016`: mean 0 and variance 1 over the $d$ coordinates, then a trained scale and shift,

$$
\mathrm{LN}(x)=\gamma\odot\frac{x-\bar x}{\sqrt{\operatorname{var}(x)+\epsilon}}+\beta .
$$ (eq-tf-layernorm)

By hand: $(1,3,5,7)$ has mean 4 and variance 5, so it becomes $(-3,-1,1,3)/\sqrt5$; so does $(10,30,50,70)$.

:::{prf:definition} Transformer block
:label: def-tf-block
$$
x\leftarrow x+\mathrm{SA}(\mathrm{LN}(x)),\qquad x\leftarrow x+\mathrm{MLP}(\mathrm{LN}(x)),
$$
the MLP applied to every token alone, usually with one hidden layer of width $4d$. A *transformer* is a model that mainly uses self-attention to carry information between its tokens, be they words, image patches or nodes of a graph: this block, several times over.
:::

This is the *pre-norm* block, the usual one today. The original {cite:p}`vaswani2017` is *post-norm*: it puts the norm *after* each sum, $x\leftarrow\mathrm{LN}(x+\mathrm{SA}(x))$, on the road itself.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Two transformer blocks as diagrams. Pre-norm: a straight thick line from input to output; from it branch norm and attention, then norm and MLP, each added back. Post-norm: the norms stand on the line itself, after each sum."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 4.3))


def box(ax, x, y, words, colour, width=1.5):
    ax.text(
        x, y, words, ha="center", va="center", fontsize=10,
        bbox={"boxstyle": "round,pad=0.35", "facecolor": colour, "edgecolor": "#555555"},
    )  # fmt: skip


def stroke(ax, xs, ys, head=True, lw=1.4):
    ax.plot(xs, ys, color="#333333", lw=lw, solid_joinstyle="round", zorder=0)
    if head:
        ax.annotate(
            "", (xs[-1], ys[-1]), (xs[-2], ys[-2]),
            arrowprops={"arrowstyle": "-|>", "color": "#333333", "lw": lw},
        )  # fmt: skip


for ax, pre in zip(axes, (True, False)):
    ax.set(xlim=(-1.1, 3.3), ylim=(-0.6, 8.1), title="pre-norm" if pre else "post-norm")
    ax.axis("off")
    stroke(ax, [0, 0], [0, 7.6], lw=3.2)
    ax.text(0, -0.35, "$x$ (T, d)", ha="center")
    for base, part, colour in ((0.4, "attention", "#CFE8F5"), (3.9, "MLP", "#F8E3B8")):
        top = base + (2.9 if pre else 2.2)
        stroke(ax, [0, 2, 2, 0.18], [base, base, top, top])
        if pre:
            box(ax, 2, base + 0.75, "norm", "#E9E9E9")
        box(ax, 2, base + (1.95 if pre else 1.1), part, colour)
        ax.text(0, top, "+", ha="center", va="center", fontsize=12,
                bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white"})  # fmt: skip
        if not pre:
            box(ax, 0, base + 2.95, "norm", "#E9E9E9")
plt.show()


# %%
class Block(nn.Module):
    def __init__(self, d, heads, rotary=False, width=4):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn = (Rotary if rotary else MultiHead)(d, heads)
        up, down = nn.Linear(d, width * d), nn.Linear(width * d, d)
        self.mlp = nn.Sequential(up, nn.GELU(), down)

    def forward(self, x, mask=None):  # x (batch, T, d)
        x = x + self.attn(self.norm1(x), mask)
        return x + self.mlp(self.norm2(x))


# %%
class PostNorm(Block):
    def forward(self, x, mask=None):
        x = self.norm1(x + self.attn(x, mask))
        return self.norm2(x + self.mlp(x))


class NoSum(Block):
    def forward(self, x, mask=None):
        return self.mlp(self.norm2(self.attn(self.norm1(x), mask)))


class Neither(Block):
    def forward(self, x, mask=None):
        return self.mlp(self.attn(x, mask))


# %% [markdown]
r"""
What the road and the norms are for can be seen before any training. Stack sixteen blocks with fresh weights and ten random tokens. Left: send a random direction back from the output and measure the gradient that arrives at each block. Right: how far the tokens at a block are still apart, compared with their size.
"""


# %% tags=["set-up"]
def through_a_stack(kind, seed, depth=16, d=32, larger=1.0, sharper=1.0, mask=None):
    """Gradient at the input of each block over that at the output; spread of tokens."""
    torch.manual_seed(seed)
    x, inputs = torch.randn(2, 10, d, requires_grad=True), []
    for _ in range(depth):
        inputs.append(x)
        block = kind(d, 4)
        with torch.no_grad():
            for layer in (block.attn.qkv, block.attn.out, block.mlp[0], block.mlp[2]):
                layer.weight *= larger
            block.attn.qkv.weight[: 2 * d] *= sharper  # queries and keys
        x = block(x, mask)
    back = torch.autograd.grad(x, inputs, torch.randn(2, 10, d))
    spread = [((h - h.mean(1, keepdim=True)).norm() / h.norm()).item() for h in inputs]
    return [g.norm().item() / math.sqrt(2 * 10 * d) for g in back], spread


stacks = {
    name: np.array(through_a_stack(kind, 0))
    for name, kind in (
        ("pre-norm", Block),
        ("post-norm", PostNorm),
        ("no sums", NoSum),
        ("neither sums nor norms", Neither),
    )
}
large = np.array(through_a_stack(Neither, 0, larger=3**0.5))
sharp = np.array(through_a_stack(NoSum, 0, sharper=6.0))
alone = np.array(through_a_stack(NoSum, 0, mask=torch.eye(10) > 0))
neither = stacks["neither sums nor norms"]
print(f"neither, gradient at the first block: {neither[0, 0]:.0e}", end="")
print(f"; with weights × √3: {large[0, 0]:.0e}")
print(
    f"no sums, tokens apart at the fifth block: {stacks['no sums'][1, 4]:.0e}\n"
    f"  with queries and keys × 6: {sharp[1, 4]:.0e}; at the last: {sharp[1, -1]:.0e}"
)
print(f"  each token seeing only itself: {alone[1, 4]:.2f}")

# %% tags=["picture"] mystnb={"image": {"alt": "Two panels on logarithmic axes against the number of the block. Gradients: near one for both blocks with sums, a few hundredths at the first block without sums, falling by dozens of orders without sums and norms. Spread of the tokens: constant with sums, falling exponentially to rounding level without."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.2))
for k, title in enumerate(("gradient that arrives", "how far tokens are apart")):
    for name, (gradient, spread) in stacks.items():
        line = np.maximum((gradient, spread)[k], 1e-30)
        axes[k].semilogy(range(1, 17), line, label=name)
    axes[k].set(xlabel="block", title=title)
    axes[k].minorticks_off()
axes[1].legend(loc="center right")
plt.show()

# %% [markdown]
r"""
At torch's initial weights nothing arrives with neither sums nor norms. The norms alone repair most of that, and yet such a stack starts blind, as the right panel shows: every attention is nearly a plain mean, and after four blocks nobody can tell the tokens apart. The sums keep every token itself.

<details><summary>How far does this reach?</summary>

Larger weights soften the first: times $\sqrt3$, $10^{-5}$ arrives instead of $10^{-21}$. As to the second, if all weights of an attention are at least $\epsilon$, two of its means share $T\epsilon$ of their weight, so the averaging shrinks the range of each coordinate of the *values* to at most $1-T\epsilon$ of itself. Maps and norms may widen it again; at these weights they do not undo it. Sharper attention, with small $\epsilon$, delays this, but not to the sixteenth block; let each token see only itself, and about 0.6 of their size still sets them apart at the fifth. {cite:t}`dong2021` prove more for attention alone.

</details>

Pre- and post-norm differ little here; {cite:t}`xiong2020` show that trained post-norm stacks need a *warm-up*, a learning rate that first rises from zero, since their gradients near the output are large at the start. We use pre-norm, and a short warm-up all the same.

A whole model is a table of token vectors, perhaps a table of places, blocks, a last norm and a linear map to the outputs. All models of this chapter are made by this class and trained by one loop: [AdamW](#ex-adamw) with a rate that rises over the first tenth of the steps and then falls to zero.
"""


# %%
class Transformer(nn.Module):
    def __init__(self, vocab, out, d, heads, layers, T=0, causal=False, **kind):
        super().__init__()
        self.embed, self.causal = nn.Embedding(vocab, d), causal
        self.place = nn.Parameter(0.5 * torch.randn(T, d)) if T else None
        self.blocks = nn.ModuleList(Block(d, heads, **kind) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, out)

    def forward(self, tokens):  # (batch, T) integers to (batch, T, out)
        x, T = self.embed(tokens), tokens.shape[1]
        x = x if self.place is None else x + self.place[:T]
        mask = torch.ones(T, T, dtype=torch.bool).tril() if self.causal else None
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))


# %%
def train(model, loss, steps, lr, seed=0, decay=0.01):  # loss(g) draws a batch
    g = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr, (0.9, 0.98), weight_decay=decay, fused=True
    )
    rates = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, lr, total_steps=steps, pct_start=0.1, cycle_momentum=False
    )
    for _ in range(steps):
        optimizer.zero_grad()
        loss(g).backward()
        optimizer.step()
        rates.step()
    return model.eval()


# %% tags=["checks"]
verify(
    "layer norm of (1, 3, 5, 7) and of its tenfold, by hand",
    F.layer_norm(torch.tensor([[1.0, 3, 5, 7], [10, 30, 50, 70]]), (4,), eps=0.0),
    np.array(2 * [[-3, -1, 1, 3]]) / math.sqrt(5),
    atol=1e-6,
)
torch.manual_seed(1)
x = 3 + 2 * normal(5, 6, 16).float()
pairs = []
for kind, first in ((Block, True), (PostNorm, False)):
    ours = kind(16, 4)
    theirs = nn.TransformerEncoderLayer(
        16, 4, 64, 0.0, "gelu", batch_first=True, norm_first=first
    )
    give_weights(ours, stirred(theirs))
    pairs.append((ours(x, causal_six), theirs(x, src_mask=~causal_six)))
verify(
    "pre-norm and post-norm block, causal: torch's TransformerEncoderLayer",
    torch.stack([a for a, _ in pairs]).detach(),
    torch.stack([b for _, b in pairs]).detach(),
    atol=1e-4,
)
verify(
    "parameters of a block, d = 16 and 48: 12d² for the matrices, 13d for biases and norms",
    [sum(p.numel() for p in Block(d, 4).parameters()) for d in (16, 48)],
    [12 * d**2 + 13 * d for d in (16, 48)],
)
verify_at_most(
    "neither: gradient at the first block over that at the last",
    neither[0, 0] / neither[0, -1],
    1e-6,
)
verify_at_least("… with larger weights: gradient at the first block", large[0, 0], 1e-6)
verify_at_least(
    "pre- and post-norm: the same, and the spread of tokens at the last block over the first",
    [
        stacks[n][k, i] / stacks[n][k, j]
        for n in ("pre-norm", "post-norm")
        for k, i, j in ((0, 0, -1), (1, -1, 0))
    ],
    0.5,
)
verify_at_most(
    "no sums: spread of the tokens at the fifth block; with sharper attention, at the last",
    [stacks["no sums"][1, 4], sharp[1, -1]],
    1e-5,
)
verify_at_least("… with sharper attention, at the fifth", sharp[1, 4], 1e-2)
verify_at_least("… each token seeing only itself, at the fifth", alone[1, 4], 0.5)

# %% [markdown]
r"""
**Try it.** How many parameters has our `Transformer` with vocabulary $V$ in and out, width $d$, $L$ blocks (MLP width $4d$) and no table of places?
"""

# %% tags=["yours"]
parameter_count = ...  # a function of V, d, L

exercise("tf-parameters").check(parameter_count)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Embedding $Vd$, head $Vd+V$, last norm $2d$, and $12d^2+13d$ a block.

```python
parameter_count = lambda V, d, L: 2 * V * d + V + 2 * d + L * (12 * d**2 + 13 * d)
```

</details>
"""

# %% [markdown]
r"""
(headline-entropy-rate)=
## The machine, solved

Back to the machine. Nobody will tell the network about eight places, nor about echoes.

(gpt)=
A *GPT*, generative pre-trained transformer {cite:p}`radford2018`, is a stack of causal blocks that is trained to predict the next token and then used to write: what stands before, the *prompt*, steers what comes. Ours is one block of width 16 with two rotary heads. Its loss is the [cross-entropy](#cross-entropy), the mean surprise per letter,

$$
-\frac1T\sum_t\log p_\theta(x_{t+1}\mid x_1,\dots,x_t),
$$ (eq-tf-ce)

whose expectation is at least the entropy rate. Where eight letters are known, what it has too much is exactly the mean [Kullback–Leibler divergence](#kl-divergence) of $p_\theta$ from the true conditional distribution, zero only if the two agree. On one finite text even the truth may be lucky: on ours it scores 0.0045 nats below the rate. So every score below is compared with the truth *on the same letters*.

**The rivals.** An $n$-gram model counts which letter followed which $n-1$ letters. With endless text its loss would be $H_n-H_{n-1}$; with ours, about a million letters, the long tables are thinly filled, and what is added to every count is tuned on the last tenth. The GPT draws from the same text, and sees about a fifth of it; all are scored where eight letters are known. Last come small tables with a row for each pair of the last and the $k$-th last letter. Nobody tells them the $k$ either: all from 1 to 8 are tried.
"""

# %%
torch.manual_seed(0)
gpt = Transformer(4, 4, 16, 2, 1, causal=True, rotary=True, width=2)


def next_letter_loss(model, x):  # x (texts, T + 1)
    return F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())


def some_texts(g, n=24):
    return train_text[torch.randint(len(train_text), (n,), generator=g)]


_ = train(gpt, lambda g: next_letter_loss(gpt, some_texts(g)), 300, 2e-2)

# %%
with torch.no_grad():
    said_next = gpt(test_text[:, :-1])[:, lag - 1 :]  # logits, (texts, 33, 4)
    told = said_next.flatten(0, 1), test_text[:, lag:].flatten()
    held_out = F.cross_entropy(*told).item()
headline(
    "held-out cross-entropy of a GPT, against the truth on the same letters",
    held_out,
    float(truth.mean()),
    rtol=0.015,
    unit="nats",
)


# %% tags=["set-up"]
def ngram_loss(n):
    """Loss of the n-gram model on the letters of the test text that have eight before."""
    total = lambda x: np.bincount(number(x, n).numpy().ravel(), minlength=4**n)
    early, late = total(train_text[:27_000]), total(train_text[27_000:])
    table = lambda counts: np.log(shares(counts.reshape(-1, 4))).ravel()
    start = max(
        (0.1, 0.2, 0.5, 1.0, 2.0), key=lambda start: late @ table(early + start)
    )
    asked = number(test_text, n)[:, lag + 1 - n :].numpy()
    return -table(early + late + start)[asked].mean()


shares = lambda counts: counts / counts.sum(-1, keepdims=True)
ngram = np.array([ngram_loss(n) for n in range(1, 10)])


def pair_loss(k, counted, asked):
    """Nats of `asked` by a table on the last and the k-th last letter of `counted`."""
    T = asked.shape[1]
    numbered = lambda x: (
        16 * x[:, lag - k : T - k] + 4 * x[:, lag - 1 : -1] + x[:, lag:]
    )
    seen = np.bincount(numbered(counted).numpy().ravel(), minlength=64).reshape(16, 4)
    return -np.log(shares(seen + 0.1)).ravel()[numbered(asked).numpy()].mean()


early, late = train_text[:27_000], train_text[27_000:]
by_pair = np.array([pair_loss(k, early, late) for k in range(1, lag + 1)])
pair_order = by_pair.argsort() + 1  # the k, best first
pair_above = [
    pair_loss(k, train_text, test_text) - truth.mean() for k in pair_order[:2]
]
numbers_in = sum(p.numel() for p in gpt.parameters())
print("model                free numbers   nats above the truth")
for n in (2, 7, 8, 9):
    print(
        f"{n}-gram            {3 * 4 ** (n - 1):14,}{ngram[n - 1] - truth.mean():18.5f}"
    )
print(f"GPT               {numbers_in:14,}{held_out - truth.mean():18.5f}")
for rank, k, above in zip(("best", "next"), pair_order, pair_above):
    print(f"pair, {rank}: k = {k} {3 * 16:14,}{above:18.5f}")

# %% tags=["picture"] mystnb={"image": {"alt": "Loss against letters remembered: theoretical values with a cliff at 8, measured n-grams on them up to six letters and above them at seven and eight, and the GPT on the dotted line of the entropy rate."}}
plt.plot(range(lag + 1), H_next, "-", color=plot.GREY, label="theory, $H_n-H_{n-1}$")
plt.plot(range(9), ngram, "o", color=plot.BLUE, label="$n$-gram, measured")
plt.axhline(held_out, color=plot.RED, label="GPT, measured")
plt.axhline(rate, color="black", ls=":", label="entropy rate")
plt.xlabel("letters remembered, $n-1$")
plt.ylabel("held-out loss (nats)")
plt.ylim(0.72, 1.45)
plt.legend(loc="center left", bbox_to_anchor=(0, 0.4))
plt.show()

# %% [markdown]
r"""
With two thousand numbers the GPT stands where a table of two hundred thousand cannot get *with this much text*. Whoever has the idea of pairs does better still: eight tables of 48 numbers, tried in turn, leave no doubt about $k=8$. ($k=7$ gains a little, as the letter after the echoed one says something about it.) The GPT did not need that idea: that one letter far back counts, and which, it found by itself. (Up to six letters the tables sit on the theory; that of eight is 0.05 nats too high, for most of its rows were seen a few times only.) *Perplexity*, the exponential of the loss, is the number of letters between which the model hesitates: 4 for someone who knows nothing, $e^{0.80}=2.2$ here.

**What did it find?** To predict the letter at $t+1$ the useful letter stands at $t+1-8$, seven places before the one that asks. Look for the diagonal, and at what the other head does.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Two attention maps, one a head, and their mean weight by distance. Both have a dark diagonal seven places back; beside them, bars of mean weight by distance for both heads."}}
with torch.no_grad():
    gpt(test_text[:300, :40])
    W = gpt.blocks[0].attn.W  # (texts, heads, T, T)
by_distance = torch.stack(
    [W.diagonal(-n, 2, 3)[..., 16:].mean((0, 2)) for n in range(16)]
)  # (distance, heads)
fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.7))
for h in range(2):
    axes[h].imshow(W[0, h], vmin=0, vmax=1, cmap="Blues")
    axes[h].set(title=f"head {h + 1}, one text", xlabel="looks at $j$")
    axes[h].grid(False)
    axes[2].bar(np.arange(16) + 0.4 * h, by_distance[:, h], 0.4, label=f"head {h + 1}")
axes[0].set_ylabel("from $i$")
axes[2].set(title="mean weight", xlabel="distance $i-j$", xticks=range(0, 16, 7))
axes[2].legend(loc=(0.52, 0.72), handlelength=0.6, fontsize=9)
plt.show()

# %% tags=["set-up"]
look_back = by_distance.max(0)
for h in range(2):
    print(
        f"head {h + 1}: looks most at distance {int(by_distance[:, h].argmax())},",
        f"weight {look_back.values[h]:.2f}",
    )


@torch.no_grad()
def above_without_head(gone):
    """Nats above the truth when a head says the same, its mean, to every letter."""
    block, x = gpt.blocks[0], gpt.embed(test_text[:1000, :-1])
    y = attention(*block.attn.roles(block.norm1(x)), torch.ones(40, 40).tril() > 0)[0]
    y[:, gone] = y[:, gone].mean((0, 1))
    x = x + block.attn.out(y.transpose(1, 2).flatten(2))
    z = gpt.head(gpt.norm(x + block.mlp(block.norm2(x))))[:, lag - 1 :]
    told = F.cross_entropy(z.flatten(0, 1), test_text[:1000, lag:].flatten()).item()
    return told - truth[:1000].mean()


silenced = np.array([above_without_head(h) for h in range(2)])
print(f"nats above the truth: both {held_out - truth.mean():.3f}", end="")
print("".join(f", without head {h + 1} {a:.3f}" for h, a in enumerate(silenced)))

# %% [markdown]
r"""
The lag of eight is in the weights, and it can be read off: in this run both heads look seven places back. That they use it is shown by silencing one, so that it says the same to every letter: about half of what the GPT knows beyond the bigram (0.44 nats) is gone. (That the two share it evenly is a matter of this start; from others one head does nearly everything.) The last letter, which the machine's table asks for, no head has to fetch; it comes along the straight road.

**Which parts does it need?** Take away the attention, or the places, and train anew, for a quarter of the steps on texts of 24 letters; to compare with, a GPT with nothing taken away is trained as briefly. For one case theory knows the answer: without attention a letter sees only itself, so nothing can beat the bigram, $H_2-H_1$. For another we have it on the page: without places a head can do little more than ours by hand at score 0, which looks at all letters alike.
"""


# %%
def lamed(part):  # the same GPT without one part
    torch.manual_seed(1)
    model = Transformer(4, 4, 16, 2, 1, causal=True, rotary=part != "places", width=2)
    if part == "attention":
        model.blocks[0].attn.forward = lambda x, mask=None: 0 * x  # adds nothing, ever
    some = lambda g: some_texts(g, 32)[:, :25]
    train(model, lambda g: next_letter_loss(model, some(g)), 80, 2e-2)
    with torch.no_grad():
        z = model(test_text[:1000, :24])[:, lag - 1 :].flatten(0, 1)
        return F.cross_entropy(z, test_text[:1000, lag:25].flatten()).item()


# %% tags=["set-up"]
without = {
    part: lamed(part) - truth[:1000, :17].mean()
    for part in ("nothing", "attention", "places")
}
even = by_hand(test_text[:1000, :24], 0)[0][:, lag - 1 :]  # the head with score 0
even = even.gather(2, test_text[:1000, lag:25, None]).log().mean().item()
even_look = -even - truth[:1000, :17].mean()
print("nats above the truth, without", end="")
print("".join(f"   {part}: {above:.3f}" for part, above in without.items()))
print(f"bigram, in theory {H_next[1] - rate:.3f}; by hand, score 0 {even_look:.3f}")

# %% [markdown]
r"""
Without attention the GPT *is* a bigram model, as it must be. Without places it is where the head by hand is at score 0: the past is a bag of letters, in which the one to be echoed counts no more than the rest. Both are needed: alone, neither is worth much here. That is not for want of training: in as many steps the whole GPT comes within a tenth of a nat of the truth.
"""

# %% tags=["checks"]
verify(
    "n-grams up to six letters: their loss above the truth, against H_n − H_{n−1} above the rate",
    ngram[:6] - truth.mean(),
    H_next[:6] - rate,
    atol=0.01,
)
verify("the k that the tables of pairs find on the held-back tenth", pair_order[0], lag)
verify_at_most("… its nats above the truth", pair_above[0], 1e-3)
verify_at_least(
    "… and those of the next best k, over the bigram's",
    pair_above[1] / (H_next[1] - rate),
    0.8,
)
verify_at_least(
    "the 9-gram's loss above the truth, over the GPT's",
    (ngram[8] - truth.mean()) / (held_out - truth.mean()),
    3.0,
)
verify(
    "the distance at which the better head looks: the lag, less one",
    int(by_distance.amax(1).argmax()),
    lag - 1,
)
verify_at_least("its mean weight there", by_distance[lag - 1].max(), 0.4)
verify(
    "without attention: the loss of the bigram, above the rate",
    without["attention"],
    H_next[1] - rate,
    atol=0.01,
)
verify(
    "without places: the head by hand at score 0",
    without["places"],
    even_look,
    atol=0.01,
)
verify_at_most("with nothing taken away, as briefly", without["nothing"], 0.1)
verify_at_least(
    "one head silenced: nats above the truth, over the bigram's, the head that counts more",
    silenced.max() / (H_next[1] - rate),
    0.4,
)
with torch.no_grad():
    log_q = said_next.double().log_softmax(-1)
    p = torch.tensor(cond[number(test_text[:, :-1], lag)])  # (texts, 33, 4)
    divergence = (p * (p.log() - log_q)).sum(-1)
    excess = -log_q.gather(2, test_text[:, lag:, None])[..., 0] - torch.tensor(truth)
    verify_within_se(
        "the GPT's loss above the truth less its Kullback–Leibler divergence",
        (excess - divergence).mean(1),
        0.0,
    )
    x = test_text[:5]
    at_once = F.cross_entropy(
        gpt(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten(), reduction="sum"
    )
    prefixes = sum(
        F.cross_entropy(gpt(x[:, :t])[:, -1], x[:, t], reduction="sum")
        for t in range(1, 41)
    )
verify(
    "loss of all places in one pass: one pass for each prefix",
    at_once,
    prefixes,
    rtol=1e-5,
)

# %% [markdown]
r"""
**Try it.** Let the machine draw uniformly from its four letters instead of using the table, and echo with probability $p$ as before. What is its entropy rate?
"""

# %% tags=["yours"]
echo_rate = ...  # a function of p

exercise("tf-echo-rate").check(echo_rate)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The echoed letter has probability $p+\frac{1-p}4$, each other one $\frac{1-p}4$.

```python
def echo_rate(p):
    same, other = p + (1 - p) / 4, (1 - p) / 4
    return -same * math.log(same) - 3 * other * math.log(other)
```

</details>

(kv-cache)=
## Writing

To write, draw a letter from the model's distribution, append it, repeat. Run naively, that computes every key and value of the past again at each step. But under a causal mask the past never changes: keep its keys and values, the *KV cache*, and each step sends one token through the matrices and looks once at every kept key.
"""


# %%
def step(model, token, t, cache):  # logits after token (batch,) at place t
    x = model.embed(token)[:, None]
    for i, block in enumerate(model.blocks):
        q, k, v = block.attn.roles(block.norm1(x), start=t)
        if i in cache:  # keys and values of the past
            k, v = torch.cat([cache[i][0], k], 2), torch.cat([cache[i][1], v], 2)
        cache[i] = k, v
        y = attention(q, k, v)[0]  # no mask: nothing of the future is there
        x = x + block.attn.out(y.transpose(1, 2).flatten(2))
        x = x + block.mlp(block.norm2(x))
    return model.head(model.norm(x))[:, 0]


# %% [markdown]
r"""
**How boldly?** *Temperature* $\tau$ divides the logits: $p_\tau\propto e^{z/\tau}$. At $\tau\to0$ only the likeliest letter is left (*greedy*), at $\tau\to\infty$ all are equal. In between the entropy rises. With $b=1/\tau$ and $\log p=bz-\log Z$ we have $\frac d{db}\log Z=\mathbb Ez$, so $\frac{dp}{db}=p\,(z-\mathbb Ez)$ and $\frac d{db}\mathbb Ez=\mathbb E\,z(z-\mathbb Ez)=\operatorname{Var}(z)$. Hence

$$
H=-\mathbb E\log p=\log Z-b\,\mathbb Ez,\qquad \frac{dH}{db}=\mathbb Ez-\mathbb Ez-b\,\frac{d\,\mathbb Ez}{db}=-b\operatorname{Var}(z),
$$ (eq-tf-temperature)

and since $\frac{db}{d\tau}=-\frac1{\tau^2}$, the slope is $\frac{dH}{d\tau}=\operatorname{Var}(z)/\tau^3\ge0$. *Top-$k$* keeps the $k$ likeliest letters only and rescales: a mask before the softmax once more.
"""


# %%
def next_probabilities(z, tau=1.0, k=None):  # z (..., V)
    least = z.topk(k or z.shape[-1], -1).values[..., -1:]
    return (z.masked_fill(z < least, -torch.inf) / tau).softmax(-1)


@torch.no_grad()
def generate(model, start, steps, tau=1.0, k=None, seed=0):  # start (texts, t)
    g, cache = torch.Generator().manual_seed(seed), {}
    x = start
    for t in range(start.shape[1] - 1 + steps):
        z = step(model, x[:, t], t, cache)
        if t >= start.shape[1] - 1:
            p = next_probabilities(z, tau, k)
            x = torch.cat([x, torch.multinomial(p, 1, generator=g)], 1)
    return x


# %% tags=["picture"]
with torch.no_grad():
    z_shown = gpt(test_text[:1, :21])[0, -1].double()


def next_letter(tau):
    p = next_probabilities(z_shown, tau)
    fig, ax = plt.subplots(figsize=(6.8, 2.6))
    ax.bar(list(letters), p, color=plot.BLUE)
    ax.set(
        ylim=(0, 1),
        ylabel="probability",
        title=f"after …{spell(test_text[0, 9:21])}:  entropy {entropy(p):.2f} nats",
    )
    return fig


explore(
    next_letter,
    tau=[1.0, 0.1, 0.4, 3.0, 20.0],
    alt="Bar chart of the probabilities of the next letter; one bar at low temperature, four nearly equal ones at high",
)

# %% [markdown]
r"""
At $\tau=1$ the GPT should write like the machine. In its own texts, how often does a letter repeat the one eight places before? For the machine this share can be computed: 0.6, and what the table gives by chance.
"""

# %% tags=["set-up"]
machine_echoes = float(pi @ cond[context, context // 4 ** (lag - 1)])
echoes = {}
for tau in (1.0, 0.3):
    own = generate(gpt, test_text[:1000, :lag], 16, tau)
    echoes[tau] = (own[:, lag:] == own[:, :-lag]).double().mean(1)
print(f"echoes   machine {machine_echoes:.3f}", end="")
print("".join(f"   GPT at τ = {tau}: {e.mean():.3f}" for tau, e in echoes.items()))

# %% [markdown]
r"""
Nearly: 0.70 of its letters are echoes, 0.73 of the machine's. At $\tau=0.3$ it repeats itself much more, which is how greedy text comes to go round in circles.
"""

# %% tags=["checks"]
with torch.no_grad():
    cache, x = {}, test_text[:50, :40]
    stepwise = torch.stack([step(gpt, x[:, t], t, cache) for t in range(40)], 1)
    verify("KV cache: the logits of a full recomputation", stepwise, gpt(x), atol=1e-4)
taus = np.array([0.5, 1.0, 3.0])
p = {
    t: next_probabilities(z_shown, t).numpy()
    for tau in taus
    for t in (tau - 1e-5, tau, tau + 1e-5)
}
verify(
    "slope of the entropy at three temperatures, by differences",
    [(entropy(p[t + 1e-5]) - entropy(p[t - 1e-5])) / 2e-5 for t in taus],
    [
        (p[t] @ z_shown.numpy() ** 2 - (p[t] @ z_shown.numpy()) ** 2) / t**3
        for t in taus
    ],
    rtol=1e-5,
)
echoed = test_text[:, : said_next.shape[1], None]
expected_echoes = said_next.softmax(-1).gather(2, echoed).mean().item()
verify(
    "share of echoes the GPT expects on the machine's texts: within Pinsker's √(KL/2)",
    expected_echoes,
    machine_echoes,
    atol=math.sqrt((held_out - truth.mean()) / 2),
)
verify_at_least(
    "… at τ = 0.3, above the machine's", echoes[0.3].mean() - machine_echoes, 0.1
)
verify(
    "top-2: the two likeliest keep their ratio, the others go",
    np.sort(next_probabilities(z_shown, k=2))[::-1],
    np.r_[(top := np.sort(p[1.0])[:1:-1]) / top.sum(), 0, 0],
    atol=1e-9,
)

# %% [markdown]
r"""
**Try it.** A model gives two letters the probabilities 0.8 and 0.2. At which temperature is the first drawn with probability 0.95?
"""

# %% tags=["yours"]
cooler = ...  # a number

exercise("tf-cooler").check(cooler)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The logits differ by $\log4$, and the difference over $\tau$ must be $\log19$.

```python
cooler = math.log(4) / math.log(19)
```

</details>
"""

# %% [markdown]
r"""
(english)=
## English

So far the language was ours, and its entropy known. Here is a piece of a real one: the first chapter of *Alice's Adventures in Wonderland* {cite:p}`carroll1865` and the beginning of the second (the book of 1865 is in the public domain). Folded to 27 symbols, small letters and the blank, it has about ten thousand letters to learn from and two thousand to be tested on.
"""

# %% tags=["set-up"]
alice, alice_new = data.alice()
ALPHABET = " abcdefghijklmnopqrstuvwxyz"
encode = lambda text: torch.tensor([ALPHABET.index(c) for c in text])
print(f"{len(alice):,} letters to learn from, {len(alice_new):,} to be tested on")
print(alice[:76])

# %% [markdown]
r"""
(subword-tokenization)=
**What is a token** of a real text? Whole words leave every new word unknown; single letters make sequences long, and attention pays with the square. *Byte-pair encoding* {cite:p}`sennrich2016` goes between: start from letters and merge the most frequent neighbouring pair into a new piece, again and again. By hand, on `low lower lowest`: the pairs `lo` and `ow` stand there three times each; merge `l`+`o`, then `lo`+`w`, and *low* is one token. Frequent words become one token, rare ones stay spellable (at least over the letters seen; GPT-2 starts from bytes, so that nothing is foreign). *Special tokens* are added by hand and mark roles, such as the end of a text.
"""


# %%
def merge(tokens, pair):
    out = []
    for token in tokens:
        joins = out and (out[-1], token) == pair
        out[-1:] = [out[-1] + token] if joins else out[-1:] + [token]
    return out


def learn_merges(text, n):
    tokens, merges = list(text), []
    for _ in range(n):
        pairs = [p for p in zip(tokens, tokens[1:]) if " " not in p[0]]  # within words
        merges.append(max(sorted(set(pairs)), key=pairs.count))
        tokens = merge(tokens, merges[-1])
    return merges


# %% tags=["set-up"]
from collections import Counter, defaultdict


def learn_merges_fast(text, n):
    """The same merges; counts all pairs in one sweep."""
    tokens, found = list(text), []
    for _ in range(n):
        counts = Counter(p for p in zip(tokens, tokens[1:]) if " " not in p[0])
        found.append(min(counts, key=lambda p: (-counts[p], p)))
        tokens = merge(tokens, found[-1])
    return found


def tokenize(text, merges):
    tokens = list(text)
    for pair in merges:
        tokens = merge(tokens, pair)
    return tokens


merges = learn_merges_fast(alice, 100)
print("first merges:", " ".join("".join(p).replace(" ", "␣") for p in merges[:16]))


# %% tags=["picture"]
def pieces(merges_done):
    fig, ax = plt.subplots(figsize=(6.8, 1.0))
    ax.axis("off")
    tokens, x = tokenize(alice_new[:48], merges[:merges_done]), 0
    for k, token in enumerate(tokens):
        colour = ("#CFE8F5", "#F8E3B8")[k % 2]
        ax.text(
            x / 49,
            0.4,
            token.replace(" ", "␣"),
            family="monospace",
            fontsize=11.5,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5},
        )
        x += len(token)
    ax.set(title=f"new text, {len(tokens)} tokens for 48 letters")
    return fig


explore(
    pieces,
    merges_done=[100, 0, 1, 10],
    alt="The beginning of the second chapter cut into coloured pieces; from single letters the pieces grow towards whole words as merges are added",
)

# %% [markdown]
r"""
**A GPT on letters.** One block of width 32 with four heads, trained like the machine's. Its rival is the old art: an $n$-gram model that, where its long table is thin, leans on the next shorter one. With $N$ the count of a past, $U$ the number of different letters seen after it,

$$
p_n(c\mid\text{past})=\frac{\#(\text{past},c)+U\,p_{n-1}(c\mid\text{shorter past})}{N+U}.
$$ (eq-tf-witten-bell)

Both are scored on all letters of the new text that have 24 before them; both see the same 24. The last tenth of chapter one is kept to choose the $n$, and the GPT's learning rate (one of three, on short runs; one seed).
"""

# %% tags=["set-up"]
cut, CONTEXT = len(alice) * 9 // 10, 24


def windows(text):
    return encode(text).unfold(0, CONTEXT + 1, 1)  # (windows, 25)


def english_gpt(text, lr, steps, seed=0):
    x = windows(text)
    torch.manual_seed(seed)
    model = Transformer(27, 27, 32, 4, 1, causal=True, rotary=True, width=2)
    draw = lambda g: x[torch.randint(len(x), (24,), generator=g)]
    return train(model, lambda g: next_letter_loss(model, draw(g)), steps, lr, seed)


@torch.no_grad()
def surprise(model, text):
    """Nats for each letter of the text from the 25th on."""
    x = windows(text)
    return F.cross_entropy(model(x[:, :-1])[:, -1], x[:, -1], reduction="none").numpy()


def count(text, n):
    """For every past of fewer than n letters, what followed it how often."""
    tables = defaultdict(Counter)
    for m in range(n):
        for i in range(m, len(text)):
            tables[text[i - m : i]][text[i]] += 1
    return tables


def leaning(tables, n, text):
    """Nats for each letter of the text from the 25th on, by the leaning n-gram model."""
    out = []
    for i in range(CONTEXT, len(text)):
        p = 1 / 27
        for m in range(n):
            after = tables.get(text[i - m : i], ())
            if after:
                N, U = sum(after.values()), len(after)
                p = (after[text[i]] + U * p) / (N + U)
        out.append(-math.log(p))
    return np.array(out)


# %% tags=["set-up"]
held_tables = count(alice[:cut], 7)
by_order = {n: leaning(held_tables, n, alice[cut:]).mean() for n in range(1, 8)}
by_rate = {
    lr: surprise(english_gpt(alice[:cut], lr, 40), alice[cut:]).mean()
    for lr in (1e-2, 3e-2, 1e-1)
}
best_n, best_lr = min(by_order, key=by_order.get), min(by_rate, key=by_rate.get)
reader, tables = english_gpt(alice, best_lr, 260), count(alice, best_n)
scored = {
    "letters by frequency": leaning(tables, 1, alice_new),
    "bigram": leaning(tables, 2, alice_new),
    f"leaning {best_n}-gram": leaning(tables, best_n, alice_new),
    "GPT": surprise(reader, alice_new),
}
ahead = scored["GPT"] - scored[f"leaning {best_n}-gram"]
by_heart = surprise(reader, alice[:1000]).mean()
table_by_heart = leaning(tables, best_n, alice[:1000]).mean()
told = generate(reader, encode("alice was ")[None], 64, 0.7)[0]
print(
    f"chosen: n = {best_n} of 1 to 7, rate {best_lr} of {', '.join(map(str, by_rate))}"
)
print("\nnats a letter on new text (log 27 = 3.30)")
for name, nats in scored.items():
    print(f"{name:22}{nats.mean():.3f} ± {nats.std() / len(nats) ** 0.5:.3f}")
print(f"on text learnt from: GPT {by_heart:.3f}, {best_n}-gram {table_by_heart:.3f}")
print("\nGPT, τ = 0.7:", "".join(ALPHABET[i] for i in told))

# %% [markdown]
r"""
Both know far more than the bigram; and the old art wins, by more than a tenth of a nat and several standard errors. Ten thousand letters are little for a network: on the text that it learnt from, the GPT does better than on new text, so it has begun to learn by heart. The table did so far more, and still wins. (One size, one length of training and three rates were tried; a brake such as dropout was not.)
"""

# %% tags=["checks"]
verify_at_least(
    "the GPT's surprise less that of the leaning n-gram, in standard errors",
    ahead.mean() / (ahead.std() / len(ahead) ** 0.5),
    3.0,
)
verify_at_least(
    "surprise at new text less that at text learnt from: the table's less the GPT's",
    by_heart - table_by_heart - ahead.mean(),
    0.1,
)
verify_at_least(
    "the bigram's surprise less that of the GPT (nats)",
    scored["bigram"].mean() - scored["GPT"].mean(),
    0.2,
)
verify(
    "the leaning model is a distribution: its probabilities after three pasts sum to one",
    [
        sum(
            math.exp(-leaning(held_tables, 4, past.rjust(CONTEXT) + c)[-1])
            for c in ALPHABET
        )
        for past in ("alice wa", "qqq", " rabbit h")
    ],
    np.ones(3),
    atol=1e-9,
)
verify(
    "merges, the plain and the fast way",
    learn_merges(alice[:1500], 12) == learn_merges_fast(alice[:1500], 12),
    True,
)
lengths = np.array([len(tokenize(alice_new, merges[:n])) for n in (0, 1)])
verify(
    "one merge on new text: tokens saved are the places where the pair stands",
    lengths[0] - lengths[1],
    alice_new.count("".join(merges[0])),
)
verify(
    "pieces of new text are letters or merges that were learnt",
    len(set(tokenize(alice_new, merges)) - set(ALPHABET) - {a + b for a, b in merges}),
    0,
)

# %% [markdown]
r"""
**Type to them.** Both models run in this page, the machine's GPT and the reader of *Alice*. Type, and see what every head looks at from the marked letter (click another, or use the arrow keys), and what comes next. With the machine's model, type eight letters and then the first of them again. Let it write at a low temperature, and with $k=1$.
"""

# %% tags=["set-up"]
import base64
import copy

UNIT = 2048


def packed(model, name, alphabet, T, start):
    """The model with rounded weights in double precision, and what the page is given."""
    rounded, weights = copy.deepcopy(model).double(), {}
    with torch.no_grad():
        for key, p in rounded.named_parameters():
            whole = (p * UNIT).round()
            p.copy_(whole / UNIT)
            weights[key] = base64.b64encode(
                whole.numpy().astype("<i2").tobytes()
            ).decode()
    d, block = model.embed.weight.shape[1], model.blocks[0]
    return rounded, {
        "name": name,
        "letters": alphabet,
        "T": T,
        "d": d,
        "heads": block.attn.heads,
        "layers": len(model.blocks),
        "start": start,
        "weights": weights,
    }


in_page = [
    packed(gpt, "the four-letter machine", letters, 40, "manoomanmanoo"),
    packed(reader, "the reader of Alice", ALPHABET, 24, "alice was a little t"),
]


@torch.no_grad()
def typed(state):
    """What the figure computes: every head's row of weights, and what comes next."""
    model, given = in_page[state["model"]]
    x = torch.tensor([[given["letters"].index(c) for c in state["text"]]])
    z, at = model(x)[0, state["at"]], state["at"]
    looks = torch.cat([block.attn.W[0, :, at, : at + 1] for block in model.blocks])
    p = next_probabilities(z, state["tau"], state["k"])
    return [looks.tolist(), p.tolist()]


def typed_state(rng):
    which = int(rng.integers(2))
    given = in_page[which][1]
    text = "".join(rng.choice(list(given["letters"]), rng.integers(1, given["T"] + 1)))
    return {
        "model": which,
        "text": text,
        "at": int(rng.integers(len(text))),
        "tau": float(rng.uniform(0.2, 3)),
        "k": int(rng.integers(1, len(given["letters"]) + 1)),
    }


def typed_picture(state):
    looks, p = typed(state)
    fig, (top, below) = plt.subplots(2, 1, figsize=(6.8, 3.2))
    top.imshow(looks, vmin=0, vmax=1, aspect="auto", cmap="Blues")
    top.set(xticks=range(len(state["text"])), yticks=range(len(looks)))
    top.set_xticklabels(list(state["text"]))
    top.set_yticklabels([f"head {h + 1}" for h in range(len(looks))])
    top.grid(False)
    below.bar(list(in_page[state["model"]][1]["letters"]), p)
    below.set_title("next letter")
    return fig


# %% tags=["picture"]
opening = {"model": 0, "text": "manoomanmanoo", "at": 12, "tau": 1.0, "k": 4}
rng = np.random.default_rng(11)
live(
    "typing",
    {"models": [given for _, given in in_page], "tau": 1.0},
    still=typed_picture(opening),
    states=[typed_state(rng) for _ in range(20)],
    truth=typed,
    alt="A line of text that can be typed; below it a row of letters for each attention head, shaded by what the head looks at, and bars of the chances of the next letter",
)

# %% [markdown]
r"""
**Try it.** Which pair of `low lower lowest ` is merged third?
"""

# %% tags=["yours"]
third_pair = ...  # two pieces, such as ("l", "o")

exercise("tf-merges").check(third_pair)

# %% [markdown]
r"""
<details><summary>Solution</summary>

After `l`+`o` and `lo`+`w` only `low`+`e` stands there twice; all other pairs inside a word stand there once.

```python
third_pair = ("low", "e")
```

</details>
"""

# %% [markdown]
r"""
(rule-or-table)=
## Has it learnt a rule, or a table?

A language model that continues `2+5=` with `07` seems to add. Does it? There are a hundred sums of two digits. Train on all of them, test on the same, and the score is perfect; it would be with a table of a hundred lines. The question needs sums that the model has *never seen*. And it is not enough to keep back some at random: addition has a mirror, and when `2+5` is kept back, `5+2` is as a rule among the others.

So write sums of two-digit numbers in columns from the right, as one does on paper, but without the carry. There are ten thousand such sums, and only a hundred columns. Train a model of two blocks on two thousand of the sums, with the loss on the digits of the answer. And to see *what* it learns, keep one column away altogether: no training sum has a 7 above an 8 or an 8 above a 7. What will it put there?
"""

# %% tags=["picture"] mystnb={"image": {"alt": "How sums of two-digit numbers are written: columns from the right, each as digit, digit, sum digit, and last the hundred; the carry is not written."}}
fig, ax = plt.subplots(figsize=(6.8, 1.5))
ax.set(xlim=(0, 14), ylim=(-0.9, 1.6))
ax.axis("off")
ax.text(0.2, 0.4, "37 + 48 = 85", fontsize=13, va="center")
for c, (cells, words) in enumerate(
    (("785", "7 + 8 = 15"), ("348", "3 + 4 + carry"), ("0", "no hundred"))
):
    for i, digit in enumerate(cells):
        ax.text(
            5 + 3 * c + 0.8 * i, 0.6, digit, fontsize=14, ha="center", va="center",
            bbox={"boxstyle": "square,pad=0.3", "edgecolor": "#555555",
                  "facecolor": "#F8E3B8" if i == len(cells) - 1 else "white"},
        )  # fmt: skip
    ax.text(
        5 + 3 * c + 0.4 * (len(cells) - 1),
        -0.6,
        words,
        ha="center",
        fontsize=10,
        color=plot.GREY,
    )
plt.show()


# %%
def columns(pairs):  # 37 + 48 as 7 8 5, 3 4 8, 0: lowest column first
    a, b = pairs.T
    parts = [v // 10**k % 10 for k in range(2) for v in (a, b, a + b)]
    return torch.stack([*parts, (a + b) // 100], 1)  # (n, 7)


# %% tags=["set-up"]
every_pair = torch.cartesian_prod(torch.arange(100), torch.arange(100))
long_sums = columns(every_pair)  # (10000, 7)
upper, lower = long_sums[:, [0, 3]], long_sums[:, [1, 4]]
is_78 = (upper + lower == 15) & ((upper - lower).abs() == 1)  # (10000, 2)
with_78 = is_78.any(1)
shuffled = torch.randperm(10_000, generator=torch.Generator().manual_seed(0))
known = shuffled[~with_78[shuffled]][:2000]
fresh = shuffled[~with_78[shuffled]][2000:3000]
parts = {"trained on": known, "new": fresh}
parts["new, with 7 + 8 in a column"] = with_78.nonzero()[:, 0]


# %%
def answers(model, x):  # logits (n, 3, 12) of the digits at places 2, 5, 6
    return model(x[:, :-1])[:, [1, 4, 5]]  # what place t − 1 says of place t


def learn_to_add(decay, seed):
    torch.manual_seed(seed)
    model = Transformer(12, 12, 32, 4, 2, T=7, causal=True, width=2)

    def loss(g):
        x = long_sums[known[torch.randint(len(known), (24,), generator=g)]]
        z = answers(model, x).flatten(0, 1)
        return F.cross_entropy(z, x[:, [2, 5, 6]].flatten())

    return train(model, loss, 600, 1e-2, seed, decay)  # setting


# %% tags=["set-up"]
DECAYS, STARTS = (0.01, 0.3), (0, 1)  # setting
adders = [learn_to_add(decay, seed) for decay in DECAYS for seed in STARTS]
missed, long_right = {}, {}  # wrong by how much, (4, n, 3); share right, (4,)
for name, which in parts.items():
    x = long_sums[which]
    with torch.no_grad():
        said = torch.stack([answers(model, x).argmax(-1) for model in adders])
    missed[name] = said - x[:, [2, 5, 6]]
    long_right[name] = (missed[name] == 0).all(2).double().mean(1).numpy()
there, last = is_78[with_78], missed["new, with 7 + 8 in a column"]
missed_78 = (last[:, :, :2][:, there] + 5) % 10 - 5  # from −5 to 4, (4, 400)
column_78 = (missed_78 == 0).double().mean(1).numpy()
other_columns = (last[:, ~F.pad(there, (0, 1))] == 0).double().mean(1).numpy()
carried_in = torch.stack([0 * upper[:, 0], long_sums[:, :2].sum(1) // 10], 1)
line = 20 * upper + 2 * lower + carried_in  # of a table: digit, digit, carry in
all_lines = torch.isin(line, line[known]).all(1)
in_table = {name: all_lines[which].double().mean() for name, which in parts.items()}
pair = lambda shares: "".join(f"{share:7.3f}" for share in shares)
print(f"{'':40}right, two starts each")
print("two-digit sums               number     decay 0.01     decay 0.3   table")
for name, which in parts.items():
    r = long_right[name]
    print(f"{name:28}{len(which):7,} {pair(r[:2])}{pair(r[2:])}{in_table[name]:8.3f}")
for name, r in (("7 + 8", column_78), ("others", other_columns)):
    print(f"  digits of columns: {name:15} {pair(r[:2])}{pair(r[2:])}")
print(f"lines of that table: {len(line[known].unique())}")

# %% tags=["picture"] mystnb={"image": {"alt": "Two bar charts of the error of the digit in the column 7 + 8, two starts each. With little weight decay one start has most digits right and the rest wrong by a few amounts, the other has none right and a few tall bars of its own. With much, nearly all stand at zero."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.4), sharey=True)
for ax, decay, both in zip(axes, DECAYS, missed_78.split(2)):
    for k, wrong_by in enumerate(both):
        share = [(wrong_by == n).double().mean().item() for n in range(-5, 5)]
        ax.bar(np.arange(-5, 5) + 0.4 * k - 0.2, share, 0.4)
    ax.set(
        title=f"weight decay {decay}", xlabel="digit said less digit right (modulo 10)"
    )
    ax.set(xticks=range(-5, 5))
axes[0].set_ylabel("share of sums")
plt.show()

# %% [markdown]
r"""
Sums that it has never seen are right, nearly all, in each of the four runs. A rule, then? Whoever knows how to carry, and copies from the two thousand sums which digit stands under which two and which carry, has a table of 196 lines: it gets every new sum right, and none with $7+8$. So that test cannot tell a rule from a table; the missing column can. With little [weight decay](#weight-decay) its digit is a matter of luck: one start has most of them right, the other none, though it adds the other columns of the same sums. From what should it know better? To a model that meets `6` and `7` as two symbols, only the lines of the table themselves say that the one follows the other. But they do say it: with thirty times the decay, all else alike, the digit that nobody has shown is right far more often, from these two starts nearly always (a start can still miss it). Why small weights should favour the rule is the question of [grokking](#grokking). On the sums trained on, and on new ones, the two look alike: whether a test shows a rule depends on what was held out.
"""

# %% tags=["checks"]
verify_at_least("new two-digit sums: share right, four runs", long_right["new"], 0.9)
verify_at_least("with 7 + 8: share right of their other digits", other_columns, 0.9)
verify_at_least(
    "… share right of this one, mean with much decay less that with little",
    column_78[2:].mean() - column_78[:2].mean(),
    0.3,
)
verify_at_least(
    "new sums whose columns all stand in the sums trained on: share",
    in_table["new"],
    0.99,
)
verify(
    "… sums with 7 + 8 whose columns do", in_table["new, with 7 + 8 in a column"], 0.0
)
verify(
    "the columns hold the sums, read back as numbers",
    long_sums[:, [2, 5, 6]] @ torch.tensor([1, 10, 100]),
    every_pair.sum(1),
)

# %% [markdown]
r"""
**Try it.** The carry is not written down. How can the model know it? Give the carry out of a column from its two digits and its sum digit.
"""

# %% tags=["yours"]
carry = ...  # a function of a, b and the sum digit s that returns 0 or 1

exercise("tf-carry").check(carry)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The column adds $a+b$ plus a carry in, 0 or 1, and its digit $s$ tells which. If nothing is carried out, $s\ge a+b$ exactly; if something is, $s$ falls short of $a+b$.

```python
carry = lambda a, b, s: int(s < a + b)
```

</details>

(encoder-decoder-transformer)=
## From one sequence to another

Translation reads one sequence and writes another. The *encoder*, blocks without a mask, turns the source into vectors. The *decoder* writes the target token by token: its blocks are causal, and each has a third part, *cross-attention*, whose queries come from the target and whose keys and values come from the encoder's output $S$:

$$
x\leftarrow x+\mathrm{SA}_{\text{causal}}(\mathrm{LN}(x)),\qquad x\leftarrow x+\mathrm{CA}(\mathrm{LN}(x),S),\qquad x\leftarrow x+\mathrm{MLP}(\mathrm{LN}(x)).
$$ (eq-tf-decoder)
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Left, an encoder block: attention and MLP beside a straight line, fed by 7 march 1998. Right, a decoder block: causal attention, cross-attention, MLP beside a straight line, fed by the beginning of 1998-03; an arrow leads from the top of the encoder to the cross-attention as keys and values."}}
fig, ax = plt.subplots(figsize=(6.8, 3.6))
ax.set(xlim=(-0.6, 9.6), ylim=(-0.9, 7.2))
ax.axis("off")
drawn = dict(ha="center", va="center", fontsize=10)
frame = lambda colour: {"boxstyle": "round,pad=0.35", "fc": colour, "ec": "#555555"}
for x, parts in (
    (1, (("attention", 1.4), ("MLP", 3.4))),
    (6, (("causal attention", 1.4), ("cross-attention", 3.4), ("MLP", 5.4))),
):
    ax.plot([x, x], [-0.2, 6.6 if x == 6 else 4.6], color="#333333", lw=3)
    for name, y in parts:
        ax.plot(
            [x, x + 1.7, x + 1.7, x],
            [y - 0.8, y - 0.8, y + 0.8, y + 0.8],
            color="#333333",
            lw=1.3,
        )
        colour = "#F8E3B8" if name == "MLP" else "#CFE8F5"
        ax.text(x + 1.7, y, name, bbox=frame(colour), **drawn)
        ax.text(
            x, y + 0.8, "+", bbox={"boxstyle": "circle,pad=0.1", "fc": "white"}, **drawn
        )
ax.plot([1, 1, 4.6], [4.6, 5.2, 5.2], color=plot.RED, lw=2)
ax.annotate(
    "",
    (6.75, 3.4),
    (4.6, 5.2),
    arrowprops={
        "arrowstyle": "-|>",
        "color": plot.RED,
        "lw": 2,
        "connectionstyle": "angle,angleA=90,angleB=0,rad=6",
    },
)
ax.text(3.3, 5.5, "keys and values", color=plot.RED, ha="center", fontsize=10)
ax.text(1, -0.6, "7 march 1998", ha="center", family="monospace")
ax.text(6, -0.6, ">1998-0", ha="center", family="monospace")
ax.text(6, 6.85, "1998-03", ha="center", family="monospace")
plt.show()


# %%
class DecoderBlock(Block):
    def __init__(self, d, heads, width=4):
        super().__init__(d, heads, width=width)
        self.norm_cross, self.cross = nn.LayerNorm(d), MultiHead(d, heads)

    def forward(self, x, source, mask=None, seen=None):
        x = x + self.attn(self.norm1(x), mask)
        q = self.cross.roles(self.norm_cross(x))[0]  # queries from the target,
        _, k, v = self.cross.roles(source)  # keys and values from the source
        y, self.cross.W = attention(q, k, v, seen)
        x = x + self.cross.out(y.transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm2(x))


# %% [markdown]
r"""
A task with sense: read a date as people write it, *7 march 1998*, and write it for a computer, `1998-03-07`. The sources have 10 to 17 letters and are padded; a mask hides the padding from both attentions. Both sequences are numbered from their front, so that where the year stands depends on the day and on the month's name, and has to be found. Of the 73,049 days of two centuries, 3,000 are for training; the test is on others.
"""


# %%
class Translator(nn.Module):
    def __init__(self, d=32, heads=1):  # setting
        super().__init__()
        self.embed, self.head = nn.Embedding(40, d), nn.Linear(d, 40)
        self.places = nn.ParameterList(0.3 * torch.randn(T, d) for T in (17, 11))
        self.encoder, self.decoder = Block(d, heads), DecoderBlock(d, heads)
        self.norm = nn.LayerNorm(d)

    def forward(self, source, target):  # padding is the token 0
        n, m = source.shape[1], target.shape[1]
        seen = (source != 0)[:, None, None]  # (batch, heads, queries, keys)
        S = self.encoder(self.embed(source) + self.places[0][:n], seen)
        x, mask = self.embed(target) + self.places[1][:m], torch.ones(m, m).tril() > 0
        return self.head(self.norm(self.decoder(x, S, mask, seen)))


# %% tags=["set-up"]
import datetime

MONTHS = "january february march april may june july august september october november december".split()
SIGNS = "_0123456789- >abcdefghijklmnopqrstuvwxyz"  # _ pads, > begins
code = lambda text, T: [SIGNS.index(c) for c in text.ljust(T, "_")]
days = [datetime.date(1900, 1, 1) + datetime.timedelta(k) for k in range(73_049)]
mixed = torch.randperm(len(days), generator=torch.Generator().manual_seed(0)).tolist()


def dates(which):
    """Sources (n, 17) and targets (n, 11) of these days."""
    chosen = [days[k] for k in which]
    said = [f"{day.day} {MONTHS[day.month - 1]} {day.year}" for day in chosen]
    return (
        torch.tensor([code(s, 17) for s in said]),
        torch.tensor([code(f">{day.isoformat()}", 11) for day in chosen]),
    )


sources, targets = dates(mixed[:3000])
sources_new, targets_new = dates(mixed[3000:3300])
torch.manual_seed(0)
translator = Translator()


def date_loss(g):
    i = torch.randint(3000, (32,), generator=g)
    z = translator(sources[i], targets[i, :-1]).flatten(0, 1)
    return F.cross_entropy(z, targets[i, 1:].flatten())


train(translator, date_loss, 330, 1e-2)
with torch.no_grad():
    written = targets_new[:, :1]
    for _ in range(10):  # token by token, from its own output
        z = translator(sources_new, written)[:, -1]
        written = torch.cat([written, z.argmax(-1, keepdim=True)], 1)
looks = translator.decoder.cross.W[:, 0]  # (300, 10, 17)
date_right = (written == targets_new).all(1).double()
said = lambda day: (str(day.year), MONTHS[day.month - 1], str(day.day))
date_table = {}  # what stands for each year, month and day of the training dates
for k in mixed[:3000]:
    date_table.update(zip(said(days[k]), days[k].isoformat().split("-")))
looked_up = [
    "-".join(date_table.get(w, "?") for w in said(days[k])) == days[k].isoformat()
    for k in mixed[3000:3300]
]
print(f"new dates without any error: {date_right.mean():.3f} of {len(date_right)}")
print(f"by a table of {len(date_table)} lines:      {np.mean(looked_up):.3f}")
for k in range(3):
    show = lambda row: "".join(SIGNS[i] for i in row).strip("_>")
    print(f"{show(sources_new[k]):20}{show(written[k])}")

# %% [markdown]
r"""
Where does it look while it writes? Each row is a sign to be written, each column a sign of the source.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Two cross-attention maps of dates: rows are the signs of the computer date, columns the letters of the source. The digits of the year look at the digits of the year, wherever they stand, the month at letters of its name, the day at the beginning."}}
lengths = (sources_new != 0).sum(1)
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.4))
for ax, k in zip(axes, (int(lengths.argmin()), int(lengths.argmax()))):
    n = int(lengths[k])
    ax.imshow(looks[k, :, :n], vmin=0, vmax=1, aspect="auto", cmap="Blues")
    ax.set(xticks=range(n), yticks=range(10))
    ax.set_xticklabels([SIGNS[i] for i in sources_new[k, :n]], fontsize=10)
    ax.set_yticklabels([SIGNS[i] for i in targets_new[k, 1:]], fontsize=10)
    ax.grid(False)
axes[0].set_ylabel("writes")
plt.show()

# %% tags=["set-up"]
year_at = lengths[:, None] - 4 + torch.arange(4)  # where the year's digits stand
year_look = looks[:, :4].gather(2, year_at[:, None].expand(-1, 4, -1)).sum(2)
uniform_look = (4 / lengths).mean()
month_look = (looks[:, 5:7] * (sources_new >= 14)[:, None]).sum(2).mean()
month_share = ((sources_new >= 14).sum(1) / lengths).mean()
print(
    f"weight on the year while the year is written  {year_look.mean():.2f}  (even look {uniform_look:.2f})"
)
print(
    f"weight on the name while the month is written {month_look:.2f}  (even look {month_share:.2f})"
)

# %% [markdown]
r"""
Nearly all new dates are right. A table of 243 lines gets all of them, so this tests finding and copying, not new years. While the year is written, most of the weight lies on the year's four digits, although they stand elsewhere in every date; while the month is written, on the letters of its name, and there on few of them: what it needs to tell twelve names apart.
"""

# %% tags=["checks"]
verify_at_least("new dates written without any error: share", date_right.mean(), 0.9)
verify("… by a table of the years, months and days learnt", np.mean(looked_up), 1)
verify_at_least(
    "weight on the year's digits while they are written, over an even look",
    year_look.mean() / uniform_look,
    1.5,
)
torch.manual_seed(2)
ours = DecoderBlock(16, 4)
theirs = nn.TransformerDecoderLayer(
    16, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True
)
give_weights(ours, stirred(theirs))
x, source = normal(3, 5, 16).float(), normal(3, 8, 16, seed=1).float()
early = torch.ones(5, 5, dtype=torch.bool).tril()
pad = torch.arange(8) >= torch.tensor([[8], [6], [3]])  # true: padding
with torch.no_grad():
    verify(
        "decoder block with padded sources: torch's TransformerDecoderLayer",
        ours(x, source, early, ~pad[:, None, None]),
        theirs(x, source, tgt_mask=~early, memory_key_padding_mask=pad),
        atol=1e-4,
    )
    short = lengths.argmin()
    verify(
        "a short date without its padding: the same logits",
        translator(
            sources_new[short : short + 1, : lengths[short]],
            targets_new[short : short + 1],
        ),
        translator(sources_new[short : short + 1], targets_new[short : short + 1]),
        atol=1e-4,
    )
    other = targets_new.clone()
    other[:, 5] = 12
    change = (
        (translator(sources_new, other) - translator(sources_new, targets_new))
        .abs()
        .amax((0, 2))
    )
verify(
    "another sign at place 5 of the target: change of the logits before it",
    change[:5],
    np.zeros(5),
    atol=1e-5,
)
verify_at_least("… and from it on", change[5], 0.1)

# %% [markdown]
r"""
**Try it.** How many multiplications do the scores and the means of one cross-attention cost, for $m$ queries from the target, $n$ keys and values from the source, all of width $d$?
"""

# %% tags=["yours"]
cross_cost = ...  # a function of m, n, d

exercise("tf-cross").check(cross_cost)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Each of the $mn$ pairs meets twice, with $d$ multiplications: once for the score, once for the mean.

```python
cross_cost = lambda m, n, d: 2 * m * n * d
```

</details>
"""

# %% [markdown]
r"""
(transformers-practice)=
## In practice

Most code bases write their own block, as we did, around one fused kernel, `F.scaled_dot_product_attention`. For the standard block torch has `nn.TransformerEncoderLayer`; with a causal mask a stack of them is the body of a GPT. This is a complete one, with a learnt table of places, in an ordinary loop; copy it.
"""


# %%
class TorchGPT(nn.Module):
    def __init__(self, vocab, d=32, heads=2, layers=1, T=40):  # setting
        super().__init__()
        self.embed, self.place = nn.Embedding(vocab, d), nn.Embedding(T, d)
        options = {"batch_first": True, "norm_first": True}  # setting
        layer = nn.TransformerEncoderLayer(d, heads, 4 * d, 0.0, "gelu", **options)
        self.body = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, vocab)

    def forward(self, tokens):  # (batch, T)
        T = tokens.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(T)
        x = self.embed(tokens) + self.place(torch.arange(T))
        return self.head(self.norm(self.body(x, mask=mask, is_causal=True)))


# %%
torch.manual_seed(0)
model = TorchGPT(4)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)  # setting
for batch in train_text[: 24 * 80].split(24):  # setting: 80 batches of 24 texts
    optimizer.zero_grad()
    z = model(batch[:, :-1])
    F.cross_entropy(z.flatten(0, 1), batch[:, 1:].flatten()).backward()
    optimizer.step()
with torch.no_grad():
    z = model(test_text[:1000, :-1])[:, lag - 1 :].flatten(0, 1)
    loss_torch = F.cross_entropy(z, test_text[:1000, lag:].flatten()).item()

# %% tags=["set-up"]
print(
    f"torch's GPT after 80 batches: {loss_torch - truth[:1000].mean():.3f} nats above the truth"
)
print(f"bigram, in theory:             {H_next[1] - rate:.3f}")

# %% [markdown]
r"""
(path-length)=
**What it costs, and how far it is.** One block spends $12d^2$ multiplications a token on its matrices and $2Td$ on scores and means; attention dominates when $T>6d$. The cache grows by $2d$ numbers a token and a block. What is bought with the square? The *path*: how many operations lie between the last output and the first token. We count them in torch's own graph of derivatives, on the shortest way. Four times the tokens cost sixteen times the multiplications (scores and means; one timing also feels memory).

| layer over $T$ tokens | multiplications | steps that must wait for each other | way from end to end |
|---|---|---|---|
| attention, with its four matrices | $4Td^2+2T^2d$ | $O(1)$ | $O(1)$ |
| recurrent | $2Td^2$ | $O(T)$ | $O(T)$ |
| convolution of width $w$ | $wTd^2$ | $O(1)$ | $O(T/w)$ layers |
"""

# %% tags=["set-up"]
import time

from torch.utils.flop_counter import FlopCounterMode


def operations_between(output, leaf):
    """Operations on the shortest way back from output to leaf in the autograd graph."""
    front, seen, count = [output.grad_fn], set(), 0
    while front:
        count += 1
        if any(getattr(f, "variable", None) is leaf for f in front):
            return count
        nexts = [n for f in front for n, _ in f.next_functions if n and n not in seen]
        seen.update(nexts)
        front = list(dict.fromkeys(nexts))
    return math.inf


def ways(T, d=8):
    tokens = [torch.randn(1, d, requires_grad=True) for _ in range(T)]
    attended = MultiHead(d, 2)(torch.stack(tokens, 1))[:, -1]
    cell, h = nn.RNNCell(d, d), torch.zeros(1, d)
    for x in tokens:
        h = cell(x, h)
    return operations_between(attended, tokens[0]), operations_between(h, tokens[0])


path_lengths = {T: ways(T) for T in (4, 16, 64)}
print("tokens   attention   recurrent: operations on the shortest way back")
for T, (near, far) in path_lengths.items():
    print(f"{T:6}{near:12}{far:12}")
seconds, multiplied = {}, {}
with torch.no_grad():
    for T in (512, 2048):
        x = torch.randn(2, T, 8)  # two heads
        with FlopCounterMode(display=False) as counter:  # also warms up
            attention(x, x, x)
        multiplied[T] = counter.get_total_flops() // 2
        begin = time.perf_counter()
        attention(x, x, x)
        seconds[T] = time.perf_counter() - begin
print(f"multiplications: 512 tokens {multiplied[512]:,}, 2,048 {multiplied[2048]:,}")
measured(
    "attention over 2,048 tokens", seconds[2048], beside=("over 512", seconds[512])
)

# %% tags=["checks"]
torch.manual_seed(3)
layer = nn.TransformerEncoderLayer(
    32, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True
)
body = stirred(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False))
ours = [Block(32, 4, width=2) for _ in body.layers]
for block, theirs in zip(ours, body.layers):
    give_weights(block, theirs)
x = y = normal(4, 12, 32).float()
with torch.no_grad():
    for block in ours:
        y = block(y, torch.ones(12, 12, dtype=torch.bool).tril())
    verify(
        "two causal blocks: torch's TransformerEncoder",
        y,
        body(
            x, mask=nn.Transformer.generate_square_subsequent_mask(12), is_causal=True
        ),
        atol=1e-4,
    )
    q, k, v = gpt.blocks[0].attn.roles(normal(2, 9, 16).float())
    verify(
        "the machine's rotary heads: torch's fused kernel",
        attention(q, k, v, torch.ones(9, 9, dtype=torch.bool).tril())[0],
        F.scaled_dot_product_attention(q, k, v, is_causal=True),
        atol=1e-5,
    )
verify_at_most(
    "torch's GPT: share of the bigram's excess that is left",
    (loss_torch - truth[:1000].mean()) / (H_next[1] - rate),
    0.5,
)
sizes, counted = ((10, 16), (96, 16), (200, 32)), []
for T, d in sizes:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        Block(d, 2)(torch.randn(1, T, d))
    counted.append(counter.get_total_flops() // 2)
verify(
    "multiplications of a block, counted by torch for three sizes",
    counted,
    [12 * T * d**2 + 2 * T**2 * d for T, d in sizes],
)
verify(
    "multiplications of scores and means, for four times the tokens",
    multiplied[2048] / multiplied[512],
    4**2,
)
near, far = np.array(list(path_lengths.values())).T
verify("way back through attention, longest minus shortest", near.max() - near.min(), 0)
verify(
    "way back through a recurrent network: growth for each token, constant",
    np.diff(far) / np.diff(list(path_lengths)),
    np.full(2, (far[1] - far[0]) / 12),
    rtol=1e-9,
)
verify_at_least("… and at least one operation", (far[1] - far[0]) / 12, 1)

# %% [markdown]
r"""
## Beware

**"True means: may look."** In `scaled_dot_product_attention`, yes. In `nn.MultiheadAttention` and `nn.TransformerEncoderLayer` a true entry means *may not*. Given the lower triangle the wrong way round, the last token may look at nobody, and its row is NaN: that is how one notices, if one is lucky. Forbid the diagonal no longer, and the wrong mask runs in silence, with every token looking at the answers.
"""

# %% tags=["checks"]
torch.manual_seed(4)
mha, x = nn.MultiheadAttention(16, 4, batch_first=True), normal(1, 6, 16).float()
with torch.no_grad():
    wrong = mha(x, x, x, attn_mask=causal_six)[0][0]
    silent = mha(x, x, x, attn_mask=causal_six & ~torch.eye(6, dtype=torch.bool))
verify(
    "rows that are NaN with the mask the wrong way round: only the last",
    wrong.isnan().all(1).nonzero().ravel(),
    np.array([5]),
)
verify(
    "with the diagonal allowed: largest weight on the past",
    silent[1][0].tril(-1).max(),
    0.0,
    atol=1e-7,
)
verify_at_least(
    "… smallest total weight on the future, all rows but the last",
    silent[1][0].triu(1).sum(1)[:5].min(),
    0.1,
)

# %% [markdown]
r"""
**"Attention is a linear layer."** The mean is linear in the values while the weights are held fixed. They are made from the tokens, and so the layer is not linear: twice the tokens is not twice the output.

**"Bits or nats, it is only a unit."** Perplexity is $e^H$ for nats and $2^H$ for bits. Two to the power of nats makes the machine's GPT hesitate between 1.7 letters, fewer than the machine itself allows.

**"A lower loss per token is a better model."** Per token of what? Merge letters into pieces and each token becomes harder to guess while there are fewer of them. Count the tokens of *Alice* by frequency alone, as letters and after 100 merges:
"""

# %% tags=["set-up"]
for_merges = {}
for n in (0, 100):
    tokens = tokenize(alice, merges[:n])
    shares = np.array(list(Counter(tokens).values())) / len(tokens)
    for_merges[n] = entropy(shares), entropy(shares) * len(tokens) / len(alice)
for n, (token, letter) in for_merges.items():
    print(f"{n:3} merges: {token:.2f} nats a token, {letter:.2f} a letter")

# %% [markdown]
r"""
The one number rises, the other falls. Compare per letter (or per byte).

**"Rotary positions know no end."** A table of places ends where training ended; a rotary model at least runs on. Ours was trained on 40 letters; its loss on texts of 160, without and with [a mask](#causal-self-attention) that lets no letter look back farther than 39. As a control, 40 letters again, but other ones: the twenty nearest and the first twenty of the text.
"""

# %% tags=["set-up"]
long_text = write(100, 161, 7)
long_truth = -np.log(cond.ravel()[number(long_text, lag + 1).numpy()])  # (100, 153)


@torch.no_grad()
def read_long(mask):
    """Nats above the truth at each place, when these letters may be seen."""
    x = gpt.blocks[0](gpt.embed(long_text[:, :-1]), mask)
    z = gpt.head(gpt.norm(x))[:, lag - 1 :].transpose(1, 2)
    told = F.cross_entropy(z, long_text[:, lag:], reduction="none").numpy()
    return (told - long_truth).mean(0)


asks = torch.arange(160)
distance = asks[:, None] - asks
in_window = read_long((distance >= 0) & (distance < 40))
far_ones = read_long((distance >= 0) & ((distance < 20) | (asks < 20)))
beyond = read_long(distance >= 0)
back_seven = gpt.blocks[0].attn.W.amax(1).diagonal(-7, 1, 2).mean(0)  # by place
stretches = {  # letters: nats above, weight seven places back, nats with the window
    f"{low + 1} to {low + 40}": [
        float(by_place[max(0, low - lag) : low + 40 - lag].mean())
        for by_place in (beyond, back_seven, in_window, far_ones)
    ]
    for low in (0, 40, 80, 120)
}
print("             nats above   weight       window   20 near,")
print("letters      the truth    seven back   of 40    20 first")
for name, (above, kept, held, far) in stretches.items():
    print(f"{name:12}{above:8.3f}{kept:13.2f}{held:12.3f}{far:10.3f}")

# %% [markdown]
r"""
It runs, and it fails: after 120 letters this GPT has lost two thirds of what it knew beyond the bigram (0.44); how much depends on the start (from half to more than all) and, very likely, on the frequencies (our base is 100, for short texts). Now there are distances that never occurred in training, and the head that looked seven places back spreads its weight over them. Forbid them with that window, the weights untouched, and it reads all 160 letters as well as the first 40. Is it only that fewer letters distract? The control sees as few, and fails all the same: new distances do harm, many of them more.
"""

# %% tags=["checks"]
X = sentence("old river bank")
verify(
    "bank at twice the tokens, by hand: scores 0, 8, 8",
    self_attention(2 * X)[0][2],
    2 * np.array([1, 3]) / (2 + math.exp(-8)),
    rtol=1e-12,
)
verify_at_most(
    "2 to the power of nats, over the perplexity of the machine",
    2**held_out / math.exp(rate),
    0.9,
)
verify_at_least(
    "nats a token: after 100 merges less before",
    for_merges[100][0] - for_merges[0][0],
    1,
)
verify_at_least(
    "nats a letter: before less after", for_merges[0][1] - for_merges[100][1], 0.1
)
verify_at_least(
    "loss above the truth far beyond the training length, over that within",
    stretches["121 to 160"][0] / stretches["1 to 40"][0],
    2,
)
verify_at_most(
    "… with the window, each stretch over the first",
    [held / stretches["1 to 40"][2] for _, _, held, _ in stretches.values()],
    1.5,
)
verify_at_least(
    "… with forty letters of which half stand too far, over the window",
    [far / held for _, _, held, far in list(stretches.values())[1:]],
    2,
)
lost_table = Transformer(4, 4, 16, 2, 1, T=40, causal=True)
try:
    lost_table(test_text[:1, :41])
    reached = 41
except RuntimeError:
    reached = lost_table(test_text[:1, :40]).shape[1]
verify(
    "a table of 40 places: the longest text that it reads",
    reached,
    lost_table.place.shape[0],
)

# %% [markdown]
"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""

# %% [markdown]
r"""
:::{exercise} Predict, then ask
:label: ex-tf-predict
We read the machine's GPT as: *it looks up the letter eight places before the next, expects it with probability 0.6, and falls back on the table.* A reading is worth something if it predicts. Feed the GPT letters drawn evenly, texts that the machine never writes. Before you ask it: which probabilities will it give to the four letters when the letter eight places back is $e$ and the last one $l$? The check compares with the trained network itself.
:::
"""

# %% tags=["yours"]
predicted = ...  # a function of e and l, numbers 0 to 3; four probabilities

exercise("tf-predict").check(predicted)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The reading is the machine's own rule, so it should hold for any letters.

```python
def predicted(e, l):
    return 0.6 * np.eye(4)[e] + 0.4 * P[l]
```

On average 0.05 of the probability lies elsewhere: the rule was learnt, not the texts. Leave either half out (the echo, or the table) and the prediction fails.

</details>

:::{exercise} Induction by hand
:label: ex-tf-induction
A word of seven different letters is repeated, and its length may change from text to text, so no fixed distance helps. Build the two attention maps of an [induction pair](#induction-heads) by hand: in layer 1 each token looks at its predecessor (the first at itself), in layer 2 at the token whose predecessor is equal to it; where there is none it may look anywhere. Return two matrices $T\times T$ whose rows sum to one and never look ahead.
:::
"""

# %% tags=["yours"]
induction = ...  # a function of x (T,) that returns two matrices (T, T)

exercise("tf-induction").check(induction)

# %% [markdown]
r"""
<details><summary>Solution</summary>

One-hot letters times a large number are queries and keys. Layer 1 hands every token its predecessor's letter; in layer 2 that letter is the key.

```python
def induction(x):
    T, letter = len(x), F.one_hot(x, 12).double()
    tril = torch.ones(T, T, dtype=torch.bool).tril()
    first = torch.eye(T).double()[[0, *range(T - 1)]]
    before = first @ letter
    before[0] = 0  # the first token has no predecessor
    second = attention(200 * letter, before, letter, tril)[1]
    return first, second
```

</details>

:::{exercise} Project: attention without the softmax
:label: ex-tf-linear
Leave the softmax out: $y_i=\sum_{j\le i}(q_i^\top k_j)\,v_j$. Then a recurrent network with a matrix as its state computes the same, with a memory that does not grow. Write it as a loop over $i$ that never looks back.
:::
"""

# %% tags=["yours"]
linear_attention = ...  # a function of q, k (T, d) and v (T, m) that returns (T, m)

exercise("tf-linear").check(linear_attention)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$y_i^\top=q_i^\top\sum_{j\le i}k_jv_j^\top$, and the sum can be carried along {cite:p}`katharopoulos2020`.

```python
def linear_attention(q, k, v):
    state, out = torch.zeros(q.shape[1], v.shape[1], dtype=q.dtype), []
    for i in range(len(q)):
        state = state + torch.outer(k[i], v[i])
        out.append(q[i] @ state)
    return torch.stack(out)
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| self-attention | $Y=\operatorname{softmax}(XX^\top)X$, a mean that chooses its weights | [definition](#simple-self-attention) |
| queries, keys, values | $Y=\operatorname{softmax}(QK^\top/\sqrt{d_k})V$; the root keeps the variance of the scores at 1 | [attention](#eq-tf-attention) |
| equivariance | $\mathrm{SA}(\Pi X)=\Pi\,\mathrm{SA}(X)$: a sequence is a set | [theorem](#attention-permutation-equivariance) |
| positions | $(R_iq)^\top(R_jk)=q^\top R_{j-i}k$ | [rotary](#eq-tf-rotary) |
| causal mask | $w'_{ij}=-\infty$ for $j>i$, before the softmax; no row may be all forbidden | [mask](#eq-tf-causal), [padding](#padding-mask) |
| block | $x\leftarrow x+\mathrm{SA}(\mathrm{LN}(x))$, $x\leftarrow x+\mathrm{MLP}(\mathrm{LN}(x))$; $12d^2+13d$ parameters | [block](#transformer-block) |
| language model | expected loss $\ge$ entropy rate; perplexity $e^{\text{loss}}$ | [loss](#eq-tf-ce) |
| temperature | $p\propto e^{z/\tau}$, $\frac{dH}{d\tau}=\operatorname{Var}(z)/\tau^3$ | [slope](#eq-tf-temperature) |
| rule or table | hold out what is to be generalised over, with everything that gives it away | [adding](#rule-or-table) |
| decoder | cross-attention: queries from the target, keys and values from the source | [decoder](#eq-tf-decoder) |

**Further reading.** {cite:t}`vaswani2017` for the architecture and {cite:t}`phuong2022` for all of it in exact pseudocode; {cite:t}`shannon1951` for guessing letters from the letters before. Attention itself is older than the transformer {cite:p}`bahdanau2015`. How the way of writing decides what small transformers learn of arithmetic is the subject of {cite:t}`lee2024`.
"""

# %% [markdown]
r"""
(transformers-shelf)=
## The shelf

What the thread did not need stands here, to be consulted rather than read through: every entry can be read alone.

(attention-weights-not-diagonally-dominant)=
### Where does a token attend? The diagonal

Does a token attend mostly to itself? If all have the same length, [Cauchy and Schwarz](#cauchy-schwarz) say $x_i^\top x_j\le\lVert x_i\rVert\lVert x_j\rVert=\lVert x_i\rVert^2$: the diagonal is the largest entry of its row. In general a longer token in a similar direction wins: with $x_2=2x_1$ and $\lVert x_1\rVert^2=8$ the scores of the first row are 8 and 16, and $w_{11}=1/(1+e^{8})$. And a largest diagonal entry is not yet *diagonal dominance*, which asks for $w_{ii}\ge\frac12$.
"""

# %% tags=["checks"]
Z = normal(2000, 6, 4)
unit = Z / Z.norm(dim=-1, keepdim=True)
prefers_itself = lambda Z: ((Z @ Z.mT).argmax(-1) == torch.arange(6)).all(-1)
verify(
    "tokens of equal length: draws in which every token prefers itself",
    int(prefers_itself(unit).sum()),
    2000,
)
verify_at_least(
    "Gaussian tokens: share of draws in which some token prefers another, and without dominance",
    [
        (~prefers_itself(Z)).double().mean(),
        ((Z @ Z.mT).softmax(-1).diagonal(dim1=1, dim2=2) < 0.5).any(1).double().mean(),
    ],
    0.5,
)
one = torch.tensor([[2.0, 0, 2, 0]], dtype=torch.float64)
verify(
    "x₂ = 2x₁: the weight of the first token on itself",
    self_attention(torch.cat([one, 2 * one]))[1][0, 0],
    1 / (1 + math.exp(8)),
    rtol=1e-9,
)

# %% [markdown]
r"""
(pooling-for-sequence-classification)=
### From a sequence to one value: pooling

Is the review positive? A *set pooling*, the mean or the maximum over the outputs, gives one value for a sequence of any length; an MLP on all tokens joined would fix the length. But pooling alone is a bag of words. *Not* before *terrible* should turn it around, and only there; attention can do that, for a large $q_{\text{terrible}}^\top k_{\text{not}}$ lets the one word act on the other. Sentences of eight words: one is good or bad, one is *not*, which flips the label if it stands directly before the polar word, as it does half of the time, so that the bag tells nothing. One causal layer with four heads learns it. (With a single head it depends on the start how far it gets.)
"""


# %% tags=["set-up"]
def review(n, g, T=8):
    """Sentences (n, T), labels, the place of the polar word; 10 is 'not'."""
    x = torch.randint(10, (n, T), generator=g)  # words without polarity
    row, spot = torch.arange(n), torch.randint(1, T, (n,), generator=g)
    bad, before = torch.randint(2, (2, n), generator=g)
    other = torch.rand(n, T, generator=g)
    other[row, spot] = other[row, spot - 1] = -1
    x[row, torch.where(before == 1, spot - 1, other.argmax(1))] = 10
    x[row, spot] = 11 + 3 * bad + torch.randint(3, (n,), generator=g)
    return x, bad ^ before, spot


class Pooled(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.embed, self.attn = nn.Embedding(17, d), Rotary(d, 4)
        layers = lambda out: (nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, out))
        self.token, self.answer = nn.Sequential(*layers(d)), nn.Sequential(*layers(2))

    def forward(self, x):
        x = self.embed(x)
        back = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        x = x + self.attn(x, back)
        return self.answer((x + self.token(x)).mean(1))


x_review, y_review, polar = review(2000, torch.Generator().manual_seed(9))
torch.manual_seed(0)
pooled = Pooled()


def review_loss(g):
    x, y, _ = review(64, g)
    return F.cross_entropy(pooled(x), y)


train(pooled, review_loss, 200, 1e-2)
with torch.no_grad():
    review_right = (pooled(x_review).argmax(1) == y_review).double().mean().item()
rows = torch.arange(2000)
left_look = pooled.attn.W[rows, :, polar, polar - 1].mean(1)  # from the polar word
negated = x_review[rows, polar - 1] == 10
print(f"right, with one attention layer: {review_right:.2f}")
print(
    "weight of the polar word on its left neighbour, mean of the heads: "
    f"{left_look[negated].mean():.2f} on 'not'\n{'':67}"
    f"{left_look[~negated].mean():.2f} on others"
)

# %% tags=["checks"]
with_bad = x_review[rows, polar] > 13
verify_within_se(
    "the bag alone: share of bad reviews among those with a bad word",
    y_review[with_bad].double(),
    0.5,
)
verify_at_least("with one attention layer: share right", review_right, 0.95)
verify_at_least(
    "weight on 'not' just before, over that on another word there",
    left_look[negated].mean() / left_look[~negated].mean(),
    1.5,
)

# %% [markdown]
r"""
(induction-heads)=
### Induction heads

The machine repeats itself at a fixed distance. What if the distance changes from text to text? Then the rule is: *find the last place where the present token stood, and predict what came next there.* Two layers can do it. A head of the first tells each token who its predecessor was; a head of the second looks for the token *whose predecessor equals me* {cite:p}`olsson2022`.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "The text d a c h d a: short arrows show each token receiving its predecessor; a long arrow leads from the second d back to the a whose predecessor is d, and the prediction a stands at the end."}}
fig, ax = plt.subplots(figsize=(6.8, 2.3))
ax.set(xlim=(-0.6, 6.8), ylim=(-0.7, 2.7))
ax.axis("off")
for i, c in enumerate("dachd"):
    ax.text(i, 0, c, fontsize=15, ha="center", family="monospace")
    if i:
        ax.text(
            i,
            0.95,
            f"after {'dachd'[i - 1]}",
            fontsize=10,
            ha="center",
            color=plot.BLUE,
        )
        ax.annotate(
            "", (i - 0.05, 0.85), (i - 0.95, 0.35),
            arrowprops={"arrowstyle": "-|>", "color": plot.BLUE},
        )  # fmt: skip
ax.annotate(
    "", (1, 1.3), (4, 1.3),
    arrowprops={"arrowstyle": "-|>", "color": plot.RED, "lw": 2, "connectionstyle": "arc3,rad=0.35"},
)  # fmt: skip
ax.text(2.5, 2.25, "who stands after d?", color=plot.RED, ha="center")
ax.text(5.4, 0, "next: a", fontsize=13, ha="left", color=plot.RED, family="monospace")
ax.text(-0.55, 0.95, "layer 1", color=plot.BLUE)
ax.text(-0.55, 2.25, "layer 2", color=plot.RED)
plt.show()

# %% [markdown]
r"""
Random words of 5 to 10 different symbols, repeated to length 24; right must be every symbol after the first round. The control is a model of one layer, trained in the same way; the baseline a guess among the other symbols of the word.
"""


# %% tags=["set-up"]
def repeated(n, g, T=24):
    period = torch.randint(5, 11, (n, 1), generator=g)
    word = torch.rand(n, 12, generator=g).argsort(1)
    return word.gather(1, torch.arange(T + 1) % period), period


def copier(layers):
    torch.manual_seed(0)
    model = Transformer(12, 12, 32, 1, layers, causal=True, rotary=True, width=1)

    def loss(g):
        x, period = repeated(32, g)
        later = torch.arange(24) >= period  # the first round cannot be known
        return F.cross_entropy(model(x[:, :-1])[later], x[:, 1:][later])

    return train(model, loss, 150, 1.5e-2)


x_copy, period = repeated(300, torch.Generator().manual_seed(8))
second_round, copied = torch.arange(24) >= period, {}
for depth in (1, 2):
    model = copier(depth)
    with torch.no_grad():
        says = model(x_copy[:, :-1]).argmax(-1)
    ok = says == x_copy[:, 1:]
    copied[depth] = ok[second_round].double().mean()
first_look, second_look = (block.attn.W[:, 0] for block in model.blocks)
after_me = (torch.arange(24) - period + 1).clamp(0)
induced = second_look.gather(2, after_me[..., None])[..., 0][second_round].mean()
guessed = (1 / (period - 1)).expand(-1, 24)[second_round].mean()
print(f"copied right: one layer {copied[1]:.2f}, two layers {copied[2]:.2f}", end="")
print(f", a guess {guessed:.2f}")
print(
    f"layer 1, weight on the predecessor {first_look.diagonal(-1, 1, 2).mean():.2f}; layer 2, on the token after my last self {induced:.2f}"
)

# %% tags=["checks"]
verify_at_least("copied by two layers: share right", copied[2], 0.97)
verify_at_most("… by one layer", copied[1], 0.6)
verify_at_least(
    "mean weight of layer 1 on the predecessor, of layer 2 on the token after my last self",
    [first_look.diagonal(-1, 1, 2).mean(), induced],
    0.4,
)

# %% [markdown]
r"""
(masked-language-modelling)=
### Masked language modelling

A causal model sees only the left side. *Masked language modelling* {cite:p}`devlin2019` trains an encoder that sees both: select 15 % of the tokens as targets; replace 80 % of these by `[MASK]`, 10 % by a random token, leave 10 % as they are; predict the originals, and only those. (The last two kinds teach it not to trust the tokens that it sees, and that predictions are also wanted where no mask stands, as in all later use.)

A language with a known limit: eight words in four classes, a word's class being its number modulo 4. Words at even places are free; the class of a word at an odd place is the *larger of its neighbours' classes*. With both neighbours known the uncertainty is $\log2$, the choice within the class; from the left alone, with class $a$ there, the class is $\max(a,U)$ with $U$ uniform.
"""


# %% tags=["set-up"]
WORDS, MASK = 8, 8


def corpus(n, g, T=9):
    kind = torch.randint(4, (n, T), generator=g)
    kind[:, 1::2] = torch.maximum(kind[:, :-1:2], kind[:, 2::2])
    return kind + 4 * torch.randint(WORDS // 4, (n, T), generator=g)


def hide(x, g):
    """The text with its targets hidden, and which they are."""
    chosen = torch.rand(x.shape, generator=g) < 0.15
    u, noise = (
        torch.rand(x.shape, generator=g),
        torch.randint(WORDS, x.shape, generator=g),
    )
    z = torch.where(chosen & (u < 0.8), MASK, x)
    return torch.where(chosen & (u > 0.9), noise, z), chosen


torch.manual_seed(0)
both_sides = Transformer(WORDS + 1, WORDS, 32, 2, 1, T=9, width=2)


def masked_loss(g):
    x = corpus(64, g)
    z, chosen = hide(x, g)
    return F.cross_entropy(both_sides(z)[chosen], x[chosen])  # the targets only


train(both_sides, masked_loss, 200, 2e-2)
unseen = corpus(2000, torch.Generator().manual_seed(7))
blanked = unseen.clone()
blanked[:, 3] = MASK
with torch.no_grad():
    loss_both = F.cross_entropy(both_sides(blanked)[:, 3], unseen[:, 3]).item()
larger = [np.bincount(np.maximum(a, np.arange(4)), minlength=4) / 4 for a in range(4)]
limit_left = math.log(2) + np.mean([entropy(p) for p in larger])
print(
    f"a hidden word: from both sides {loss_both:.3f} (limit {math.log(2):.3f}; from the left alone {limit_left:.3f})"
)

# %% tags=["checks"]
x = corpus(10_000, torch.Generator().manual_seed(6))
z, chosen = hide(x, torch.Generator().manual_seed(5))
verify_within_se("masking: share of tokens selected", chosen.double().flatten(), 0.15)
verify_within_se("… of these replaced by [MASK]", (z == MASK)[chosen].double(), 0.8)
verify_within_se(
    "… left as they are, by choice or by a random draw of the same word",
    (z == x)[chosen].double(),
    0.1 + 0.1 / WORDS,
)
verify("… tokens changed outside the selection", int((z != x)[~chosen].sum()), 0)
from_left = np.bincount((x[:, 2] % 4 * 4 + x[:, 3] % 4).numpy(), minlength=16) / 10_000
verify(
    "from the left alone: the limit, from the classes of ten thousand sentences",
    math.log(2) + entropy(from_left) - entropy(from_left.reshape(4, 4).sum(1)),
    limit_left,
    rtol=0.02,
)
verify_at_most(
    "from both sides: loss, against the left's limit", loss_both, limit_left - 0.5
)

# %% [markdown]
r"""
(bert)=
### BERT

BERT {cite:p}`devlin2019` is this at scale: an encoder without a mask, not autoregressive, in its large version 24 blocks, 16 heads and width 1024. It is trained on masked tokens and on telling whether a second sentence really followed the first; both tasks are self-supervised, for the text itself knows the answers. With vocabulary $V=30522$, 512 positions, 2 segments, MLP width $4d$ and a pooler (one more $d\times d$ layer on `CLS`), $L$ blocks have

$$
(V+512+2)\,d+2d\;+\;L\,(12d^2+13d)\;+\;d^2+d
$$ (eq-tf-bert)

parameters: 335 million for the large, 109 million for the base version.
"""

# %% tags=["checks"]


def count_bert(L, d, heads, V=30_522):
    with torch.device("meta"):
        parts = [
            *(nn.Embedding(n, d) for n in (V, 512, 2)),
            nn.LayerNorm(d),
            *(nn.TransformerEncoderLayer(d, heads, 4 * d) for _ in range(L)),
            nn.Linear(d, d),
        ]
        return sum(p.numel() for part in parts for p in part.parameters())


formula = lambda L, d: (30_522 + 514) * d + 2 * d + L * (12 * d**2 + 13 * d) + d**2 + d
verify(
    "parameters of BERT base and large: counted on torch's layers, by the formula",
    [count_bert(12, 768, 12), count_bert(24, 1024, 16)],
    [formula(12, 768), formula(24, 1024)],
)
tables = both_sides.embed(unseen[:50]).detach().requires_grad_()
handle = both_sides.embed.register_forward_hook(lambda *_: tables)
(slopes,) = torch.autograd.grad(both_sides(unseen[:50])[:, 4].norm(), tables)
handle.remove()
sides = slopes.norm(dim=(0, 2))
verify_at_least(
    "an encoder without a mask: output 5 depends on the tokens 4 and 6, over its largest slope",
    sides[[3, 5]] / sides.max(),
    0.01,
)

# %% [markdown]
r"""
(pretraining-and-finetuning)=
### Pre-training and fine-tuning

*Pre-training* learns from unlabelled data what words have to do with each other; *fine-tuning* adapts a copy to a task with few labels, with a new head and often all weights. In the language of [masked modelling](#masked-language-modelling): the second word of a sentence is blotted out; was it of the highest class? Fifty labelled sentences, three seeds, the same rate for both; the copy gets 30 steps, a network from scratch 120, by when it has all fifty right:
"""


# %% tags=["set-up"]
def fine_tune(pretrained, x, y, seed, steps):
    torch.manual_seed(seed)
    model = Transformer(WORDS + 1, WORDS, 32, 2, 1, T=9, width=2)
    if pretrained:
        model.load_state_dict(both_sides.state_dict())
    model.head = nn.Linear(32, 2)
    return train(model, lambda g: F.cross_entropy(model(x)[:, 1], y), steps, 5e-3, seed)


def blotted(n, g):
    x = corpus(n, g)
    y = (x[:, 1] % 4 == 3).long()  # was the second word of class 3?
    x[:, 1] = MASK
    return x, y


tuned = []
for seed in range(3):
    g = torch.Generator().manual_seed(seed)
    (x_few, y_few), (x_many, y_many) = blotted(50, g), blotted(1000, g)
    ways = (True, 30), (False, 120)  # pre-trained or not, steps
    models = [fine_tune(p, x_few, y_few, seed, steps) for p, steps in ways]
    with torch.no_grad():
        learnt = (models[1](x_few)[:, 1].argmax(1) == y_few).double().mean().item()
        said = [m(x_many)[:, 1].argmax(1) for m in models]
    tuned.append([(a == y_many).double().mean().item() for a in said] + [learnt])
tuned = np.array(tuned)
gain = tuned[:, 0] - tuned[:, 1]
majority = 1 - 7 / 16  # the larger of two classes is the highest
print(f"right on new sentences: pre-trained, 30 steps    {tuned[:, 0].mean():.2f}")
print(f"                        from scratch, 120 steps  {tuned[:, 1].mean():.2f}")
print(f"                        always no                {majority:.2f}")
print(f"gain {gain.mean():.2f} ± {gain.std(ddof=1) / 3**0.5:.2f} (standard error)")

# %% [markdown]
r"""
From scratch the fifty are learnt by heart, and some of the new ones are wrong; the copy gets nearly all right after 30 steps. How much it gains depends on the start and on the fifty, and the case is an easy one: pre-training had met the very question, what stands at a blotted place, and only the name of a class was new.
"""

# %% tags=["checks"]
verify_at_least("pre-trained: share right", tuned[:, 0].mean(), 0.95)
verify_at_least("gain by pre-training", gain.mean(), 0.02)
verify_at_least("from scratch: share of the fifty right", tuned[:, 2], 0.98)
verify_within_se(
    "share of sentences whose second word is not of the highest class",
    (y_many == 0).double(),
    majority,
)

# %% [markdown]
r"""
(zero-and-few-shot-learning)=
### Zero-shot and few-shot: learning in the prompt

Large models solve new tasks from a description (*zero-shot*) or a few examples (*few-shot*) in the prompt {cite:p}`brown2020`. No weight changes: whatever is learnt is learnt in the activations. The smallest case is the [copier](#induction-heads) and a word that it has never met. How often is its next letter right before the word has been shown, when it has been shown once, and twice? ({cite:t}`garg2022` train transformers that fit a linear function to the examples of the prompt, nearly as well as least squares.)
"""

# %% tags=["set-up"]
times_shown = torch.arange(24) // period
in_prompt = [ok[times_shown == n].double().mean().item() for n in range(3)]
print("shown        never   once   twice")
print("next right" + "".join(f"{right:8.2f}" for right in in_prompt))
place = torch.arange(24)  # here 11 - place of the twelve letters are unused
fresh_guess = ((place < period - 1) / (11 - place))[times_shown == 0].mean().item()
met = (says[:, :, None] == x_copy[:, None, :-1]) & (torch.ones(24, 24).tril() > 0)
old_said = met.any(-1)[times_shown == 0].double().mean().item()
print(f"a guess among the letters not yet used, word never shown {fresh_guess:.2f}")

# %% [markdown]
r"""
One showing is enough. Before it the copier does far worse than a guess among the letters not yet used: it was never scored there, and copies all the same. Nearly all that it names are letters already seen, and those are wrong until the word begins again.
"""

# %% tags=["checks"]
verify_at_most(
    "a word never shown: share right, over a guess", in_prompt[0] / fresh_guess, 0.5
)
verify_at_least("… share of its answers already seen", old_said, 0.9)
used = F.one_hot(x_copy[:, :-1], 12).cumsum(1) > 0
drawn = torch.rand(used.shape, generator=torch.Generator().manual_seed(4))
hit = drawn.masked_fill(used, -1).argmax(-1) == x_copy[:, 1:]
verify_within_se(
    "… right by drawing from the unused: share",
    hit[times_shown == 0].double(),
    fresh_guess,
)
verify_at_least("… shown once, and twice", in_prompt[1:], 0.9)

# %% [markdown]
r"""
(alignment-from-human-feedback)=
### Alignment with human feedback

A language model imitates; people want to be helped. *Alignment* {cite:p}`ouyang2022` collects comparisons of replies, $a$ preferred to $b$, fits a reward $r$ to them by the Bradley–Terry model, and then moves the policy towards reward without straying far from the base model $\pi_0$:

$$
P(a\succ b)=\sigma(r_a-r_b),\qquad\max_\pi\ \sum_a\pi_ar_a-\beta\sum_a\pi_a\log\frac{\pi_a}{\pi_{0,a}} .
$$ (eq-tf-alignment)

The first is [logistic regression](#logistic-regression) on differences. The second has a closed form. With a multiplier $\mu$ for $\sum_a\pi_a=1$, the derivative by $\pi_a$ vanishes when $r_a-\beta\log\frac{\pi_a}{\pi_{0,a}}-\beta-\mu=0$, so

$$
\pi_a=\frac1Z\,\pi_{0,a}\,e^{r_a/\beta}.
$$ (eq-tf-tilt)

Now solve for the reward, $r_a=\beta\log\frac{\pi_a}{\pi_{0,a}}+\beta\log Z$, and put it into the first formula: $Z$ drops out, and $P(a\succ b)=\sigma\bigl(\beta\log\frac{\pi_a}{\pi_{0,a}}-\beta\log\frac{\pi_b}{\pi_{0,b}}\bigr)$. The policy can be fitted to the comparisons directly, without a reward model: *direct preference optimisation* {cite:p}`rafailov2023`.
"""

# %% tags=["set-up"]
from scipy import optimize

rng = np.random.default_rng(3)
r_true = np.array([0.0, 1.2, -0.8, 0.5, 2.0])
base_policy = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
a = rng.integers(5, size=5000)
b = (a + rng.integers(1, 5, size=5000)) % 5  # two different replies of five
prefers = rng.random(5000) < 1 / (1 + np.exp(r_true[b] - r_true[a]))
win, lose = np.where(prefers, a, b), np.where(prefers, b, a)
reward = optimize.minimize(
    lambda r: np.logaddexp(0, r[lose] - r[win]).sum() + r.sum() ** 2, np.zeros(5)
).x


def aligned(beta):
    tilted = base_policy * np.exp(reward / beta)
    return tilted / tilted.sum()


# %% tags=["picture"]
def policy_for(beta):
    fig, ax = plt.subplots(figsize=(6.8, 2.8))
    at = np.arange(5)
    ax.bar(at - 0.2, base_policy, 0.4, color=plot.GREY, label="base model")
    ax.bar(at + 0.2, aligned(beta), 0.4, color=plot.RED, label="aligned")
    ax.set(ylim=(0, 1), xticks=at, ylabel="probability")
    ax.set_xticklabels([f"reply {i + 1}\nr = {r:.1f}" for i, r in enumerate(reward)])
    ax.legend(loc="upper left")
    return fig


explore(
    policy_for,
    beta=[1.0, 0.1, 0.3, 3.0, 20.0],
    alt="Probabilities of five replies under the base model and the aligned one: for small beta only the best-rewarded reply is left, for large beta nothing changes",
)

# %% tags=["checks"]
verify_at_least(
    "rewards fitted to 5,000 preferences: correlation with the true ones",
    np.corrcoef(reward, r_true)[0, 1],
    0.98,
)


def objective(logits, beta):
    p = np.exp(logits - logits.max())
    p = p / p.sum()
    return -(p @ reward - beta * p @ np.log(p / base_policy))


def direct(logits, beta):
    gap = beta * (logits - np.log(base_policy))
    return np.logaddexp(0, gap[lose] - gap[win]).mean() + logits.sum() ** 2


soft = lambda z: np.exp(z) / np.exp(z).sum()
strengths = (0.5, 1.0, 5.0)
verify(
    "the optimum of reward and KL penalty, found numerically at three strengths",
    [
        soft(optimize.minimize(objective, np.zeros(5), (s,), tol=1e-12).x)
        for s in strengths
    ],
    [aligned(s) for s in strengths],
    atol=1e-4,
)
verify(
    "direct preference optimisation: the same policies, without a reward",
    [
        soft(optimize.minimize(direct, np.zeros(5), (s,), tol=1e-10).x)
        for s in strengths
    ],
    [aligned(s) for s in strengths],
    atol=2e-3,
)

# %% [markdown]
r"""
(vision-transformer)=
### Vision transformer: patches as tokens

Nothing in the block knows of words. A *vision transformer* {cite:p}`dosovitskiy2021` cuts an image with $c$ channels into patches of $p\times p$ pixels, flattens each and maps it linearly to a token,

$$
x^i=V\operatorname{vec}(p^i)\in\mathbb R^n,\qquad p^i\in\mathbb R^{p\times p\times c},\qquad V\in\mathbb R^{n\times p^2c},
$$ (eq-tf-patch)

adds position embeddings, and uses an ordinary encoder. With $p=16$ a picture of $224\times224\times3$ is a sentence of $14^2=196$ words of raw dimension $16^2\cdot3=768$.
"""


# %%
def patches(x, p):  # (batch, c, height, width) to (batch, patches, c p²)
    B, c, h, w = x.shape
    x = x.view(B, c, h // p, p, w // p, p)
    return x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


# %% tags=["set-up"]
class ViT(nn.Module):
    """One block over the four patches of a digit; the mean of its outputs decides."""

    def __init__(self, positions=True, p=4, d=32):
        super().__init__()
        self.p, self.V, self.block = p, nn.Linear(p * p, d), Block(d, 4, width=2)
        places = 0.1 * torch.randn((8 // p) ** 2, d)
        self.place = nn.Parameter(places) if positions else 0
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, 10)

    def forward(self, x):  # (batch, 1, 8, 8)
        return self.head(
            self.norm(self.block(self.V(patches(x, self.p)) + self.place)).mean(1)
        )


# %% tags=["checks"]
torch.manual_seed(0)
picture, conv = normal(2, 3, 224, 224).float(), nn.Conv2d(3, 24, 16, stride=16)
words = patches(picture, 16)
verify(
    "224 × 224 × 3 in patches of 16: tokens, raw dimension",
    tuple(words.shape[1:]),
    (14**2, 16**2 * 3),
)
verify(
    "flatten and multiply: a convolution with kernel = stride = p",
    (words @ conv.weight.flatten(1).T + conv.bias).detach(),
    conv(picture).flatten(2).mT.detach(),
    atol=1e-4,
)

# %% [markdown]
r"""
(vit-inductive-bias)=
### The inductive bias of vision transformers

A convolution knows two things from birth: which pixels are neighbours, and that a pattern is the same pattern elsewhere. To a ViT without positions even the order of the patches is nothing; with positions it has to *learn* what a place is. With much data that is harmless {cite:p}`dosovitskiy2021`, with little a handicap. A hundred digits of $8\times8$ pixels, a ViT with four patches against a small convolutional network and a plain MLP with 64 hidden units, all with the same 40 steps, four seeds (± is the standard deviation of these runs). The control: the pixels of all images shuffled in one way, so that neighbours are neighbours no more. The baseline is the nearest neighbour:
"""


# %% tags=["set-up"]
def cnn():
    conv = lambda i, o: (nn.Conv2d(i, o, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(*conv(1, 16), *conv(16, 32), nn.Flatten(), nn.Linear(128, 10))


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


digits = data.digits(1300)
images, new_images = (
    torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8) * 2 - 1
    for X in (digits.X_train[:100], digits.X_test)
)
labels, new_labels = torch.tensor(digits.y_train[:100]), torch.tensor(digits.y_test)
pixels = torch.randperm(64, generator=torch.Generator().manual_seed(0))


def learn_digits(make, shuffle, seed):
    torch.manual_seed(seed)
    model, order = make(), pixels if shuffle else torch.arange(64)
    old, new = (x.flatten(1)[:, order].view_as(x) for x in (images, new_images))

    def loss(g):
        i = torch.randint(100, (32,), generator=g)
        return F.cross_entropy(model(old[i]), labels[i])

    train(model, loss, 40, 2e-2, seed)
    with torch.no_grad():
        return (model(new).argmax(1) == new_labels).double().mean().item()


read = {
    name: np.array([learn_digits(*how, s) for s in range(4)])
    for name, how in {
        "ViT": (ViT, False),
        "ViT, shuffled": (ViT, True),
        "convolutional": (cnn, False),
        "convolutional, shuffled": (cnn, True),
        "MLP": (mlp, False),
    }.items()
}
print("test accuracy")
for name, right in read.items():
    print(f"{name:25}{right.mean():.3f} ± {right.std(ddof=1):.3f}")
nearest = torch.cdist(new_images.flatten(1), images.flatten(1)).argmin(1)
near_right = (labels[nearest] == new_labels).double().mean().item()
print(f"{'nearest neighbour':25}{near_right:.3f}")

# %% [markdown]
r"""
Shuffling the pixels takes several points from the convolutional network: that is the bias. The ViT it takes nothing from; after these 40 steps the ViT is even *better* on shuffled pixels, for each patch then holds a sample of the whole digit. So square patches are a bias too, here a harmful one. The rest of the gap has other reasons: after 40 steps a plain MLP is ahead of the ViT too, and about level with the convolutional network and the nearest neighbour.
"""

# %% tags=["checks"]
blind, sighted = ViT(positions=False), ViT()
x = new_images[:100]
swapped = x.view(-1, 1, 2, 4, 2, 4)[:, :, [1, 0]][:, :, :, :, [1, 0]].reshape(x.shape)
with torch.no_grad():
    verify(
        "ViT without positions: logits after its patches were swapped",
        blind(swapped),
        blind(x),
        atol=1e-5,
    )
    verify_at_least(
        "… with positions: largest change",
        (sighted(swapped) - sighted(x)).abs().max(),
        0.01,
    )
    wide, feature = F.pad(x, (2, 2, 2, 2), value=-1.0), cnn()[0]
    verify(
        "convolution: an image shifted by a pixel has the shifted features",
        feature(wide.roll(1, 3))[..., 2:-2, 3:-1],
        feature(wide)[..., 2:-2, 2:-2],
        atol=1e-5,
    )
accuracy = {name: right.mean() for name, right in read.items()}
verify_at_least(
    "accuracy that shuffling takes from the convolutional network",
    accuracy["convolutional"] - accuracy["convolutional, shuffled"],
    0.02,
)
verify_at_least(
    "… that it gives to the ViT", accuracy["ViT, shuffled"] - accuracy["ViT"], 0.01
)
verify_at_least(
    "accuracy of the convolutional network, and of the MLP, less that of the ViT",
    [accuracy[name] - accuracy["ViT"] for name in ("convolutional", "MLP")],
    0.05,
)
