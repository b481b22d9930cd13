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

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from scipy import optimize
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
torch.manual_seed(0)
g = torch.Generator().manual_seed(0)
normal = lambda *shape: torch.randn(*shape, generator=g, dtype=torch.float64)

# %%
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
pi = np.full(4**lag, 1 / 4**lag)  # how often each context occurs, in the long run
for _ in range(400):
    pi = (pi[:, None] * cond).reshape(4, -1).sum(0)  # the oldest letter drops out

# %% [markdown]
r"""
There are only $4^8=65536$ pasts that matter, so the exact frequency $\pi$ of each can be computed, and from it the entropy of a block of $n$ letters, $H_n$. What remains uncertain about a letter when the $n-1$ before it are known is $H_n-H_{n-1}$.
"""

# %% mystnb={"image": {"alt": "Remaining uncertainty about the next letter against the number of letters remembered: a drop from 0 to 1 letters, then flat near 1.2 nats up to 7, then a cliff down to 0.80 at 8."}}
entropy = lambda q: -(q[q > 0] * np.log(q[q > 0])).sum()
joint = (pi[:, None] * cond).ravel()  # frequency of every block of nine letters
H_block = [0.0] + [entropy(joint.reshape(-1, 4**n).sum(0)) for n in range(1, lag + 2)]
H_next = np.diff(H_block)  # H_next[n − 1] = H(letter | n − 1 letters before it)
rate = H_next[-1]

plt.plot(range(lag + 1), H_next, "o-")
plt.xlabel("letters remembered")
plt.ylabel("uncertainty of the next (nats)")
plt.ylim(0, 1.45)
plt.show()

# %%
verify(
    "one step of the language leaves the frequencies of its contexts unchanged",
    (pi[:, None] * cond).reshape(4, -1).sum(0),
    pi,
    atol=1e-9,
)
verify(
    "entropy rate: mean entropy of the next letter over all contexts",
    rate,
    float(pi @ -(cond * np.log(cond)).sum(1)),
    rtol=1e-9,
)
verify_at_most(
    "what the letters 2 to 6 places back add (nats)", H_next[1] - H_next[6], 0.05
)
verify_at_least("what the letter 8 places back adds (nats)", H_next[7] - H_next[8], 0.3)

# %% [markdown]
r"""
Hardly at all, for a long while; then the eighth letter pays for everything. A table of all pasts needs 65,536 rows to get there. A model that could *look back eight places* would need almost nothing. By the end of this chapter you will be able to

- **derive** attention from a weighted mean and say why each of its parts is there,
- **build** self-attention, masks, positions, heads, blocks, an encoder, a decoder and a GPT, and match PyTorch to rounding,
- **train** a small GPT until it reaches the entropy rate of the machine above, and **read** in its attention what it found,
- **explain** BERT, fine-tuning, in-context learning, alignment and vision transformers by a small experiment each.

It builds on [the softmax](#softmax), on [backpropagation](#backpropagation) and on [Adam](#adam). All cells together run in about half a minute on one core.

A sequence is a matrix $X$ whose $T$ rows are *tokens* $x_i\in\mathbb R^d$; $W$ holds attention weights, $w'$ the scores before the softmax; $q_i,k_i,v_i$ are queries, keys and values. Logarithms are natural. A model is *autoregressive* when it predicts a sequence one token at a time, each from those before it; *causal* when no output depends on a later input.
"""

# %% [markdown]
r"""
## A mean that chooses its weights

(simple-self-attention)=
A layer that maps a sequence to a sequence should do two things: treat all positions in parallel, and let any position see any other, however far. A recurrent network sees far but goes step by step; a convolution is parallel but near-sighted. The plainest layer with both is a mean over all tokens,

$$
y_i=\sum_{j=1}^Tw_{ij}x_j,\qquad w_{ij}\ge0,\quad\sum_jw_{ij}=1 .
$$ (eq-tf-mean)

Fixed weights would forget what the tokens are. So let the tokens decide: $x_j$ counts for $i$ as far as it resembles $x_i$, measured by [the inner product](#inner-product), and the softmax makes the scores positive with sum one.

:::{prf:definition} Simple self-attention
:label: def-tf-simple
$$
w'_{ij}=x_i^\top x_j,\qquad w_{ij}=\frac{e^{w'_{ij}}}{\sum_ke^{w'_{ik}}},\qquad Y=\operatorname{softmax}(XX^\top)\,X,
$$
the softmax taken over each row.
:::

Nothing here is trained. The cost is $O(T^2d)$: every pair meets once.
"""


# %%
def simple(X):
    W = (X @ X.T).softmax(-1)  # (T, T), softmax over each row
    return W @ X, W


X = normal(6, 4)
Y, W = simple(X)
for i in range(6):  # once more as the formula says, in plain loops
    e = [math.exp(sum(float(a * b) for a, b in zip(X[i], X[k]))) for k in range(6)]
    y = [sum(e[j] / sum(e) * X[j, c].item() for j in range(6)) for c in range(4)]
    verify(
        f"self-attention, token {i + 1}: loops and matrices agree", Y[i], y, atol=1e-12
    )
verify(
    "identical tokens attend uniformly",
    simple(X[:1].repeat(6, 1))[1],
    np.full((6, 6), 1 / 6),
    atol=1e-12,
)

# %% [markdown]
r"""
Since weights are positive with sum one, each output lies in the convex hull of the tokens. That can be asked without using $W$: a linear program looks for *any* weights of that kind.
"""


# %%
def hull_distance(y, points):
    """Smallest max-norm distance from y to the convex hull of the rows of points."""
    T, d = points.shape
    A = np.block([[points.T, -np.ones((d, 1))], [-points.T, -np.ones((d, 1))]])
    return optimize.linprog(
        np.r_[np.zeros(T), 1], A, np.r_[y, -y], np.r_[np.ones(T), 0][None], [1.0]
    ).fun


verify(
    "outputs of self-attention: distance from the convex hull of the tokens",
    np.array([hull_distance(y, X.numpy()) for y in Y.numpy()]),
    np.zeros(6),
    atol=1e-9,
)
longest = X[X.norm(dim=1).argmax()].numpy()
verify_at_least(
    "a point beyond the longest token lies outside by",
    hull_distance(2 * longest, X.numpy()),
    0.1,
)

# %% [markdown]
r"""
Scale all tokens by $s$ and the scores grow like $s^2$. Drag $s$: near zero every row is a plain mean; for large $s$ each token picks a single partner.
"""


# %% tags=["hide-input"]
def sharpening(s):
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1))
    scores = (s * X) @ (s * X).T
    for ax, M, name in zip(
        axes, (scores, scores.softmax(-1)), ("scores", "weights $W$")
    ):
        ax.imshow(
            M,
            vmin=None if name == "scores" else 0,
            vmax=None if name == "scores" else 1,
        )
        ax.set(title=name, xlabel="$j$", xticks=range(6), yticks=range(6))
        ax.set(xticklabels=range(1, 7), yticklabels=range(1, 7))
        ax.grid(False)
    axes[0].set_ylabel("$i$")
    return fig


explore(
    sharpening,
    s=[1.0, 0.0, 0.25, 0.5, 0.75, 1.5, 2.0, 3.0],
    alt="Heat maps of the scores and of the weights of six tokens; the weights go from uniform to one entry a row as the tokens are scaled up",
)

# %% [markdown]
r"""
:::{admonition} A linear combination that is not linear
:class: correction
**The notes say** that self-attention is a linear model from input to output, weighted by the correlations of the tokens.

**Right is:** the combination is linear only while the weights are held fixed. They are made from $X$ itself, so the layer is not linear: $f(2X)\ne2f(X)$. And $x_i^\top x_j$ is a bare inner product, neither centred nor divided by lengths: no correlation.
:::
"""

# %%
verify(
    "with the weights held fixed, doubled tokens give doubled outputs",
    W @ (2 * X),
    2 * Y,
    rtol=1e-12,
)
verify_at_least(
    "with weights made from the tokens: largest part of f(2X) − 2f(X)",
    (simple(2 * X)[0] - 2 * Y).abs().max(),
    0.1,
)
verify_at_least(
    "inner product minus correlation, largest of the 36 pairs",
    abs((X @ X.T).numpy() - np.corrcoef(X)).max(),
    1.0,
)

# %% [markdown]
r"""
(attention-weights-not-diagonally-dominant)=
Does a token attend mostly to itself? If all have the same length, the [Cauchy–Schwarz inequality](#cauchy-schwarz) says $x_i^\top x_j\le\lVert x_i\rVert\lVert x_j\rVert=\lVert x_i\rVert^2$: the diagonal is the largest entry of its row. In general a longer token in a similar direction wins. Take $x_2=2x_1$ with $\lVert x_1\rVert^2=7.6$. The scores of the first row are $7.6$ and $15.2$, and $w_{11}=1/(1+e^{7.6})=0.0005$.

:::{admonition} Attention is not diagonally dominant
:class: correction
**The notes say** that $W$ is diagonally dominant, since typically $w'_{ii}\ge w'_{ij}$.

**Right is:** that inequality needs tokens of equal length. For Gaussian tokens some row usually has its largest weight elsewhere. And a largest diagonal entry is not yet diagonal dominance, which asks for $w_{ii}\ge\sum_{j\ne i}w_{ij}$, that is $w_{ii}\ge\frac12$.
:::
"""

# %%
Z = normal(1000, 6, 4)
unit = Z / Z.norm(dim=-1, keepdim=True)
diagonal_wins = lambda Z: ((Z @ Z.mT).argmax(-1) == torch.arange(6)).all(-1)
diag = (Z @ Z.mT).softmax(-1).diagonal(dim1=-2, dim2=-1)
verify(
    "tokens of equal length: draws in which every token prefers itself",
    int(diagonal_wins(unit).sum()),
    1000,
)
verify(
    "Gaussian tokens: share of draws in which some token prefers another",
    1 - diagonal_wins(Z).double().mean(),
    0.84,
    atol=0.04,
)
verify(
    "Gaussian tokens: share of draws without diagonal dominance",
    (diag < 0.5).any(-1).double().mean(),
    0.97,
    atol=0.02,
)
x1 = math.sqrt(7.6) * torch.tensor([0.6, 0.0, 0.8, 0.0], dtype=torch.float64)
verify(
    "x₂ = 2x₁, ‖x₁‖² = 7.6: the weights of the first token",
    simple(torch.stack([x1, 2 * x1]))[1][0],
    [0.0005, 0.9995],
    atol=5e-5,
)

# %% [markdown]
r"""
## Queries, keys and values

(attention-mechanism)=
In the mean above $x_i$ plays three roles at once: it asks, it is compared with, and it is what gets averaged. Give each role its own trainable map,

$$
q_i=Qx_i+b_q,\qquad k_i=Kx_i+b_k,\qquad v_i=Vx_i+b_v .
$$ (eq-tf-roles)

A *query* is compared with all *keys*; the softmax of the scores weighs the *values*. With the $q_i,k_i,v_i$ as rows of matrices, again called $Q,K,V$, this is *scaled dot-product attention* {cite:p}`vaswani2017`:

$$
Y=\operatorname{softmax}\Bigl(\frac{QK^\top}{\sqrt{d_k}}\Bigr)V .
$$ (eq-tf-attention)

Why the root? Let the entries of $q$ and $k$ be independent with mean 0 and variance 1. The products $q_ck_c$ have mean 0 and variance 1 too, and $q^\top k$ is a sum of $d_k$ of them: variance $d_k$. Undivided scores of size $\sqrt{d_k}$ would push the softmax into its corner, where [its gradient vanishes](#softmax). The optional mask is for later: where it is false, a query may not look.
"""


# %%
def attention(Q, K, V, mask=None):
    S = Q @ K.mT / math.sqrt(Q.shape[-1])  # scores, (..., queries, keys)
    if mask is not None:
        S = S.masked_fill(~mask, -torch.inf)
    W = S.softmax(-1)
    return W @ V, W


Q, K, V = normal(2, 5, 8), normal(2, 7, 8), normal(2, 7, 3)
Y, W = attention(Q, K, V)
some = torch.rand(5, 7, generator=g) < 0.6
some[:, 0] = True  # everybody sees at least one key
verify(
    "attention equals torch's scaled_dot_product_attention",
    Y,
    F.scaled_dot_product_attention(Q, K, V),
    atol=1e-12,
)
verify(
    "… with a mask",
    attention(Q, K, V, some)[0],
    F.scaled_dot_product_attention(Q, K, V, some),
    atol=1e-12,
)
verify(
    "attention weights of each query sum to one", W.sum(-1), np.ones((2, 5)), atol=1e-12
)

# %%
verify(
    "values: outputs stay in their convex hull, distance",
    np.array([hull_distance(y, V[0].numpy()) for y in Y[0].numpy()]),
    np.zeros(5),
    atol=1e-9,
)
verify(
    "Q = K = X undivided, V = X: the simple layer again",
    attention(X * 4**0.25, X * 4**0.25, X)[0],
    simple(X)[0],
    atol=1e-12,
)
for d in (4, 64, 1024):
    products = (normal(4000, d) * normal(4000, d)).sum(-1)
    verify_within_se(f"variance of q·k for d = {d}", products**2, float(d))
    verify_within_se(f"… divided by √{d}", (products / math.sqrt(d)) ** 2, 1.0)

# %% [markdown]
r"""
With separate maps the scores lose their symmetry: a verb may look for its subject without the subject looking back.

One mean per token is little. *Multi-head attention* cuts $q,k,v$ into $h$ pieces of width $d/h$, lets each piece attend on its own, joins the results and mixes them with one more matrix $O$. The parameters are $4d^2+4d$, whatever $h$. One switch, `rotary`, waits for the section on positions.
"""


# %%
def rotate(x, theta):
    """Turn the coordinates of x in pairs, position t by the angles theta[t]."""
    a, b, c, s = x[..., 0::2], x[..., 1::2], theta.cos(), theta.sin()
    return torch.stack([a * c - b * s, a * s + b * c], -1).flatten(-2)


def angles(T, d, base):
    return torch.arange(T)[:, None] * base ** (-torch.arange(0, d, 2) / d)  # (T, d/2)


class MultiHead(nn.Module):
    def __init__(self, d, heads, rotary=None):
        super().__init__()
        self.heads, self.rotary = heads, rotary
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)

    def roles(
        self, x, start=0
    ):  # (batch, T, d) to three times (batch, heads, T, d/heads)
        B, T, d = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        if self.rotary:
            theta = angles(start + T, d // self.heads, self.rotary)[start:]
            q, k = rotate(q, theta), rotate(k, theta)
        return q, k, v

    def forward(self, x, mask=None):
        y, self.W = attention(
            *self.roles(x), mask
        )  # the weights are kept to be looked at
        return self.out(y.transpose(1, 2).flatten(2))


# %%
ours, theirs = MultiHead(16, 4), nn.MultiheadAttention(16, 4, batch_first=True)
with torch.no_grad():
    ours.qkv.weight.copy_(theirs.in_proj_weight)
    ours.qkv.bias.copy_(theirs.in_proj_bias.normal_(generator=g))
    ours.out.load_state_dict(theirs.out_proj.state_dict())
    x = torch.randn(3, 7, 16, generator=g)
    y, W = theirs(x, x, x, average_attn_weights=False)
    verify(
        "multi-head attention equals torch's MultiheadAttention", ours(x), y, atol=1e-5
    )
    verify("… and so do the weights of every head", ours.W, W, atol=1e-5)
verify(
    "multi-head attention: parameters for d = 16",
    sum(p.numel() for p in ours.parameters()),
    4 * 16**2 + 4 * 16,
)
verify_at_least(
    "scores of q and k: largest difference between w′ᵢⱼ and w′ⱼᵢ",
    (W - W.mT).abs().max(),
    0.05,
)

# %% [markdown]
r"""
## A sequence seen as a set

(attention-permutation-equivariance)=
Shuffle the words of a sentence. What does attention make of it?

:::{prf:theorem} Permutation equivariance
:label: thm-tf-equivariance
For every permutation matrix $\Pi$, $\;\mathrm{SA}(\Pi X)=\Pi\,\mathrm{SA}(X)$.
:::

:::{prf:proof}
Permuting rows permutes queries, keys and values: $\Pi Q,\Pi K,\Pi V$. The scores become $\Pi QK^\top\Pi^\top$, rows and columns in the new order. The softmax works on each row and does not mind the order within it, so $W$ becomes $\Pi W\Pi^\top$. Then $\Pi W\Pi^\top\Pi V=\Pi WV$, since $\Pi^\top\Pi=I$.
:::

The layer sees a *set*: the order of the sequence is used nowhere. The mean over the outputs is even *invariant*.

:::{admonition} What equivariant means
:class: correction
**The notes say** that equivariance means: if you change the input, the output changes accordingly.

**Right is:** every function does that. Permutation equivariance says that permuting the inputs permutes the outputs *in the same way*, and changes nothing else. A layer with a causal mask or with positions also answers a change of its input, and is not equivariant.
:::
"""

# %%
X = normal(6, 8)
maps = [normal(8, 8) / 3 for _ in range(3)]
causal = torch.ones(6, 6, dtype=torch.bool).tril()
place = normal(6, 8)
layers = {
    "without parameters": lambda X: simple(X)[0],
    "with Q, K, V": lambda X: attention(*(X @ M for M in maps))[0],
    "causal": lambda X: attention(*(X @ M for M in maps), causal)[0],
    "with positions": lambda X: attention(*((X + place) @ M for M in maps))[0],
}
orders = [torch.randperm(6, generator=g) for _ in range(100)]
gap = {
    n: max((f(X[o]) - f(X)[o]).abs().max() for o in orders) for n, f in layers.items()
}
for name in ("without parameters", "with Q, K, V"):
    verify(
        f"self-attention {name}: SA(ΠX) − Π SA(X) over 100 permutations",
        gap[name],
        0.0,
        atol=1e-12,
    )
for name in ("causal", "with positions"):
    verify_at_least(f"self-attention {name}: not equivariant, gap", gap[name], 1e-2)
verify(
    "mean of the outputs: unchanged by permutations",
    torch.stack([layers["with Q, K, V"](X[o]).mean(0) for o in orders]),
    layers["with Q, K, V"](X).mean(0).repeat(100, 1),
    atol=1e-12,
)

# %% [markdown]
r"""
## Not looking ahead

(causal-self-attention)=
To predict the next token from the earlier ones, in a single pass for all positions at once, token $i$ must not see $j>i$. *Causal* self-attention sets the scores of the future to minus infinity, before the softmax:

$$
w'_{ij}\leftarrow-\infty\ \text{ for } j>i\qquad\Longrightarrow\qquad W\ \text{lower triangular, rows of sum 1}.
$$ (eq-tf-causal)

Then $y_i$ depends on $x_1,\dots,x_i$ only, and one pass over $T$ tokens trains $T$ predictions. Other patterns of zeros encode other prior knowledge: a window of neighbours, or the edges of a graph.

:::{admonition} Mask before the softmax, and keep yourself
:class: correction
**The notes say** that a causal layer sums over the previous tokens, by setting entries of $W$ to zero.

**Right is:** the sum runs over $j\le i$, the current token included; otherwise $y_1$ would be an empty sum. And the scores are masked, not the weights. Zeros put in after the softmax leave the future in its denominator: the rows no longer sum to one, and later tokens still move earlier outputs. (Dividing each row by its sum afterwards repairs it.)
:::
"""

# %%
changed = X.clone()
changed[5] += 1.0  # another last token
mask_before = lambda X: attention(*(X @ M for M in maps), causal)
W = mask_before(X)[1]
verify("masked scores: each row of W sums to one", W.sum(-1), np.ones(6), atol=1e-12)
verify(
    "… and nothing stands above the diagonal", W.triu(1).abs().max(), 0.0, atol=1e-15
)
verify(
    "change the last token: change of the five outputs before it",
    (mask_before(changed)[0] - mask_before(X)[0])[:5].abs().max(),
    0.0,
    atol=1e-15,
)
verify_at_least(
    "… of its own output",
    (mask_before(changed)[0] - mask_before(X)[0])[5].abs().max(),
    0.1,
)


# %%
def mask_after(X):
    Q, K, V = (X @ M for M in maps)
    W = attention(Q, K, V)[1] * causal  # zeros put in too late
    return W @ V, W


leaky = mask_after(X)[1]
verify_at_most("zeros after the softmax: smallest row sum", leaky.sum(-1).min(), 0.9)
verify_at_least(
    "zeros after the softmax: the future leaks into earlier outputs",
    (mask_after(changed)[0] - mask_after(X)[0])[:5].abs().max(),
    1e-2,
)
verify(
    "dividing the rows by their sums repairs it",
    leaky / leaky.sum(-1, keepdim=True),
    W,
    atol=1e-12,
)

# %% [markdown]
r"""
## Where am I?

(positional-information)=
In *dog bites man, man bites dog* the two *dogs* are equal vectors in the same set, so they get equal outputs. To tell them apart the position $t$ must enter somewhere. Three ways:

- a *position embedding*: a trained vector $p_t$ is added to the token at $t$;
- a *position encoding*: the added vector follows a rule, $\mathrm{PE}(t)=(\sin\omega_0t,\cos\omega_0t,\sin\omega_1t,\cos\omega_1t,\dots)$ with frequencies $\omega_i=10000^{-2i/d}$;
- *relative positions*: the score itself depends on $i-j$. *Rotary* encoding {cite:p}`su2024` turns query and key in each pair of coordinates by the angle $\omega t$.

The last two are relatives. By the addition theorems a shift by $k$ turns each pair by $\omega_ik$, wherever it starts: $\mathrm{PE}(t+k)=R_k\,\mathrm{PE}(t)$. And turning both partners changes an inner product only by the difference of the turns:

$$
(R_iq)^\top(R_jk)=q^\top R_i^\top R_jk=q^\top R_{j-i}\,k .
$$ (eq-tf-rotary)
"""


# %%
def encoding(T, d, base=10000.0):
    omega = base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    theta = torch.arange(T)[:, None] * omega
    return torch.stack([theta.sin(), theta.cos()], -1).flatten(1)  # (T, d)


PE = encoding(40, 16)
by_rule = [
    [
        math.sin(t / 10000 ** (2 * i / 16))
        if c == 0
        else math.cos(t / 10000 ** (2 * i / 16))
        for i in range(8)
        for c in range(2)
    ]
    for t in range(40)
]
verify("sinusoidal encoding, entry by entry from its rule", PE, by_rule, atol=1e-12)
R = torch.block_diag(
    *(
        torch.tensor(
            [[math.cos(w), math.sin(w)], [-math.sin(w), math.cos(w)]],
            dtype=torch.float64,
        )
        for w in 5 * 10000 ** (-np.arange(8) / 8)
    )
)
verify("PE(t + 5) = R₅ PE(t) for every t", PE[5:], PE[:-5] @ R.T, atol=1e-13)
G = PE @ PE.T
verify("PE PEᵀ depends on the distance alone", G[1:, 1:], G[:-1, :-1], atol=1e-13)

# %% mystnb={"image": {"alt": "Left: heat map of the sinusoidal encoding, fast waves in the first coordinates, slow ones in the last. Right: inner products of encodings, constant along diagonals and largest on the main one."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1))
axes[0].imshow(PE.T, aspect="auto")
axes[0].set(
    title="PE", xlabel="position $t$", ylabel="coordinate", yticks=range(0, 16, 3)
)
axes[1].imshow(G)
axes[1].set(title="$PE\\,PE^\\top$", xlabel="$t$", ylabel="$t$")
for ax in axes:
    ax.grid(False)
plt.show()

# %%
q, k = torch.randn(8, generator=g), torch.randn(8, generator=g)
turns = angles(30, 8, 100.0)
rows = lambda x: rotate(x.repeat(30, 1), turns)  # the same vector at 30 positions
S = rows(q) @ rows(k).T
verify(
    "rotary scores of one query and key depend on i − j alone",
    S[1:, 1:],
    S[:-1, :-1],
    atol=1e-4,
)
pairs = torch.view_as_complex(q.view(4, 2)), torch.view_as_complex(k.view(4, 2))
shift = torch.polar(torch.ones(4), 7 * 100.0 ** (-torch.arange(4) / 4))
verify(
    "rotary score at distance 7, by complex numbers",
    S[3, 10],
    (pairs[0].conj() * pairs[1] * shift).sum().real,
    atol=1e-4,
)
dog = torch.randn(6, 8, generator=g)
dog[5] = dog[0]  # dog bites man, man bites dog
layer, turned = MultiHead(8, 2), MultiHead(8, 2, rotary=100.0)
with torch.no_grad():
    verify(
        "equal words get equal outputs without positions",
        (layer(dog[None])[0, 0] - layer(dog[None])[0, 5]).abs().max(),
        0.0,
        atol=1e-6,
    )
    verify_at_least(
        "… different ones with rotary positions",
        (turned(dog[None])[0, 0] - turned(dog[None])[0, 5]).abs().max(),
        1e-3,
    )
# %% [markdown]
r"""
## The block

(transformer-block)=
Attention moves information between tokens; it computes little, for its output is a mean. So let a small network work on each token between the moves. Two devices make the pair stackable. Each part only *adds* to its input, $x\leftarrow x+f(x)$, so gradients [pass through the sum unhindered](#reverse-mode-ad). And each part sees a standardised copy of the token, its *layer norm*: mean 0 and variance 1 over the $d$ coordinates, then a trained scale and shift,

$$
\mathrm{LN}(x)=\gamma\odot\frac{x-\bar x}{\sqrt{\operatorname{var}(x)+\epsilon}}+\beta .
$$ (eq-tf-layernorm)

:::{prf:definition} Transformer block
:label: def-tf-block
$$
x\leftarrow x+\mathrm{SA}(\mathrm{LN}(x)),\qquad x\leftarrow x+\mathrm{MLP}(\mathrm{LN}(x)),
$$
the MLP applied to every token alone, usually with one hidden layer of width $4d$. A *transformer* is a model that mainly uses self-attention to carry information between its tokens, be they words, image patches or nodes of a graph: this block, several times over.
:::

Residual sums and norms are all there is besides attention. We write the norm, check it, and from then on use PyTorch's, which is the same and faster.
"""


# %%
class LayerNorm(nn.Module):
    def __init__(self, d, eps=1e-5):
        super().__init__()
        self.weight, self.bias = (
            nn.Parameter(torch.ones(d)),
            nn.Parameter(torch.zeros(d)),
        )
        self.eps = eps

    def forward(self, x):
        x = x - x.mean(-1, keepdim=True)
        return (
            self.weight * x / ((x**2).mean(-1, keepdim=True) + self.eps).sqrt()
            + self.bias
        )


class Block(nn.Module):
    def __init__(self, d, heads, rotary=None, width=4):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)  # equal, and faster
        self.attn = MultiHead(d, heads, rotary)
        self.mlp = nn.Sequential(
            nn.Linear(d, width * d), nn.GELU(), nn.Linear(width * d, d)
        )

    def forward(self, x, mask=None):
        x = x + self.attn(self.norm1(x), mask)
        return x + self.mlp(self.norm2(x))


# %%
def copy_block(ours, theirs):
    """Give our block the weights of a torch.nn.TransformerEncoderLayer."""
    ours.attn.qkv.weight.copy_(theirs.self_attn.in_proj_weight)
    ours.attn.qkv.bias.copy_(theirs.self_attn.in_proj_bias)
    pairs = (
        (ours.attn.out, theirs.self_attn.out_proj),
        (ours.norm1, theirs.norm1),
        (ours.norm2, theirs.norm2),
        (ours.mlp[0], theirs.linear1),
        (ours.mlp[2], theirs.linear2),
    )
    for a, b in pairs:
        a.load_state_dict(b.state_dict())


theirs = nn.TransformerEncoderLayer(
    16, 4, 64, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
)
ours, norm = Block(16, 4), nn.LayerNorm(16)
x = 3 + 2 * torch.randn(5, 6, 16, generator=g)
causal = torch.ones(6, 6, dtype=torch.bool).tril()
with torch.no_grad():
    for p in (*theirs.parameters(), *norm.parameters()):
        p.add_(0.1 * torch.randn(p.shape, generator=g))  # no weight at its start value
    copy_block(ours, theirs)
    own = LayerNorm(16)
    own.load_state_dict(norm.state_dict())
    verify("layer norm equals torch's LayerNorm", own(x), norm(x), atol=1e-5)
    tiny = 1e-3 * x  # where ε counts
    verify("… for tokens so short that ε matters", own(tiny), norm(tiny), atol=1e-5)
    verify(
        "the block equals torch's TransformerEncoderLayer",
        ours(x),
        theirs(x),
        atol=1e-5,
    )
    verify(
        "… and with a causal mask",
        ours(x, causal),
        theirs(x, src_mask=~causal),
        atol=1e-5,
    )

# %%
order = torch.randperm(6, generator=g)
with torch.no_grad():
    verify(
        "a block without positions is permutation equivariant",
        ours(x[:, order]),
        ours(x)[:, order],
        atol=1e-5,
    )
for d in (16, 48):
    count = sum(p.numel() for p in Block(d, 4).parameters())
    verify(
        f"parameters of a block, d = {d}: 4d² + 8d² and 13d for biases and norms",
        count,
        4 * d**2 + 8 * d**2 + 13 * d,
    )

# %% [markdown]
r"""
A whole model is a table of token vectors, perhaps positions, blocks, a last norm and a linear map to the outputs. Every experiment below uses this class and this loop: [AdamW](#ex-adamw) with a learning rate that warms up and then decays to zero.
"""


# %%
class Transformer(nn.Module):
    def __init__(
        self, vocab, out, d, heads, layers, T=0, causal=False, rotary=None, width=4
    ):
        super().__init__()
        self.embed, self.causal = nn.Embedding(vocab, d), causal
        self.place = nn.Parameter(0.1 * torch.randn(T, d)) if T else None
        self.blocks = nn.ModuleList(
            Block(d, heads, rotary, width) for _ in range(layers)
        )
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, out)

    def forward(self, tokens):  # (batch, T) integers to (batch, T, out)
        x, T = self.embed(tokens), tokens.shape[1]
        if self.place is not None:
            x = x + self.place[:T]
        mask = torch.ones(T, T, dtype=torch.bool).tril() if self.causal else None
        for block in self.blocks:
            x = block(x, mask)
        return self.head(self.norm(x))


def train(model, loss, steps, lr, seed=0):
    g.manual_seed(seed)  # each training draws its batches from a stream of its own
    optimizer = torch.optim.AdamW(model.parameters(), lr, (0.9, 0.98), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, lr, total_steps=steps, pct_start=0.1
    )
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        schedule.step()


# %% [markdown]
"""
First a question that a set cannot answer: *is the first token an A*, in sequences with exactly one A, half of them at the front? Averaging the outputs of one block, without and with positions:
"""


# %%
def one_a(n):
    x = torch.randint(1, 6, (n, 8), generator=g)
    y = torch.randint(2, (n,), generator=g)
    spot = torch.where(y == 1, 0, torch.randint(1, 8, (n,), generator=g))
    x[torch.arange(n), spot] = 0  # the letter A
    return x, y


found = {}
for T in (0, 8):
    torch.manual_seed(1)
    model = Transformer(6, 2, 16, 1, 1, T=T)

    def loss():
        x, y = one_a(128)
        return F.cross_entropy(model(x).mean(1), y)

    train(model, loss, 80, 1e-2)
    x, y = one_a(2000)
    found[T] = (model(x).mean(1).argmax(1) == y).double()
verify_within_se("is the first token an A? accuracy without positions", found[0], 0.5)
verify_at_least(
    "is the first token an A? accuracy with positions", found[8].mean(), 0.99
)

# %% [markdown]
r"""
(headline-entropy-rate)=
## The machine, solved

Back to the machine of four letters. A *GPT* {cite:p}`radford2018` is a stack of causal blocks trained to predict the next token; ours is one block of width 32 with two rotary heads. Its loss is the [cross-entropy](#softmax-log-likelihood)

$$
-\frac1T\sum_t\log q(x_{t+1}\mid x_1,\dots,x_t)\ \ge\ \text{entropy rate},
$$ (eq-tf-ce)

in expectation, with equality only if $q$ is the true conditional distribution. First the text. The true probabilities, scored on held-out text, must give the entropy rate.
"""


# %%
def write(n, T, rng):
    """n texts of T letters, as numbers 0 to 3, started from the long-run frequencies."""
    start = rng.choice(4**lag, n, p=pi / pi.sum())
    x = np.empty((n, T), int)
    x[:, :lag] = start[:, None] // 4 ** np.arange(lag)[::-1] % 4
    for t in range(lag, T):
        drawn = (rng.random((n, 1)) > P[x[:, t - 1]].cumsum(1)).sum(1)
        x[:, t] = np.where(rng.random(n) < echo, x[:, t - lag], drawn)
    return x


def number(x, n):
    """Every block of n letters in the rows of x as one number, the oldest letter first."""
    return sum(x[:, k : x.shape[1] - n + 1 + k] * 4 ** (n - 1 - k) for k in range(n))


T = 40
train_text, test_text = (
    write(n, T + 1, np.random.default_rng(s)) for n, s in ((30_000, 0), (6000, 1))
)
print("".join(letters[i] for i in test_text[0]))

# %%
truth = -np.log(cond.ravel()[number(test_text, lag + 1)])  # (texts, predicted letters)
verify_within_se(
    "held-out text under the true probabilities: the entropy rate", truth.mean(1), rate
)
for n in (1, 2, 3):
    seen = np.bincount(number(test_text, n).ravel(), minlength=4**n) / (
        6000 * (T + 2 - n)
    )
    verify(
        f"frequencies of blocks of {n} in the text, against those computed",
        seen,
        joint.reshape(-1, 4**n).sum(0),
        atol=6e-3,
    )

# %% [markdown]
r"""
The baselines: an $n$-gram model counts which letter followed which $n-1$ letters. With endless text its loss would be $H_n-H_{n-1}$; with ours, about a million letters, the longer tables are thinly filled. Estimating a table of $m$ rows with three free numbers each from $N$ letters costs up to $3m/2N$ nats.
"""


# %%
def ngram_loss(n):
    keep = slice(lag + 1 - n, None)  # all models are scored on the same letters
    counts = np.bincount(number(train_text, n).ravel(), minlength=4**n) + 0.1
    q = counts.reshape(-1, 4) / counts.reshape(-1, 4).sum(1, keepdims=True)
    return -np.log(
        q.ravel()[
            number(test_text, n)[:, keep] if n <= lag + 1 else number(test_text, n)
        ]
    ).mean()


ngram = np.array([ngram_loss(n) for n in range(1, 11)])
for n in range(1, 7):
    verify(
        f"{n}-gram model: held-out loss, against its theoretical value",
        ngram[n - 1],
        H_next[n - 1],
        rtol=0.015,
    )
excess = 4**lag * 3 / (2 * number(train_text, lag + 1).size)
print(f"9-gram: {ngram[8]:.3f} nats, {ngram[8] - rate:.3f} above the entropy rate")
verify(
    "9-gram model: its loss above the truth, about 3·4⁸/2N for N training letters",
    ngram[8] - truth.mean(),
    excess,
    rtol=0.3,
)

# %%
torch.manual_seed(0)
gpt = Transformer(4, 4, 32, 2, 1, causal=True, rotary=100.0, width=2)
texts = torch.tensor(train_text)


def next_letter_loss(x):  # scored where eight letters are known
    z = gpt(x[:, :-1])[:, lag - 1 :]
    return F.cross_entropy(z.flatten(0, 1), x[:, lag:].flatten())


train(
    gpt,
    lambda: next_letter_loss(texts[torch.randint(len(texts), (64,), generator=g)]),
    320,
    1e-2,
)
with torch.no_grad():
    held_out = next_letter_loss(torch.tensor(test_text)).item()
headline(
    "held-out cross-entropy of a GPT, against the entropy rate of its language",
    held_out,
    rate,
    rtol=0.02,
    unit="nats",
)
above = held_out - truth.mean()
verify_at_least(
    "no model beats the truth: GPT's loss minus that of the true probabilities",
    above,
    0.0,
)
verify_at_most("… and it comes this close (nats)", above, 0.005)

# %% mystnb={"image": {"alt": "Loss against letters remembered: theoretical values with a cliff at 8, measured n-grams on them up to six letters and above them at eight and nine, and the GPT on the dashed line of the entropy rate."}} tags=["hide-input"]
plt.plot(range(lag + 1), H_next, "-", color=plot.GREY, label="theory, $H_n-H_{n-1}$")
plt.plot(range(10), ngram, "o", color=plot.BLUE, label="$n$-gram, measured")
plt.axhline(held_out, color=plot.RED, label="GPT, measured")
plt.axhline(rate, color="black", ls=":", label="entropy rate")
plt.xlabel("letters remembered, $n-1$")
plt.ylabel("held-out loss (nats)")
plt.ylim(0.72, 1.38)
plt.legend(loc="center left", bbox_to_anchor=(0, 0.4))
plt.show()

# %%
parameters = sum(p.numel() for p in gpt.parameters())
verify(
    "parameters of this GPT: vocabulary in and out, norm, one block of MLP width 2d",
    parameters,
    4 * 32 + (32 * 4 + 4) + 2 * 32 + (8 * 32**2 + 11 * 32),
)
verify_at_least(
    "free numbers in a table of eight letters, for each parameter of the GPT",
    4**lag * 3 / parameters,
    20.0,
)
verify(
    "perplexity e^loss: the GPT hesitates as if between so many letters",
    math.exp(held_out),
    math.exp(rate),
    rtol=0.02,
)

# %% [markdown]
r"""
A twentieth of the table's size, and it stands where the table cannot get. *Perplexity* is the exponential of the loss: 4 for someone who knows nothing, $e^{\text{rate}}$ at best.

What did it find? To predict letter $t+1$ the useful letter stands at $t+1-8=t-7$: seven places before the position that predicts. Look for the diagonal.
"""

# %% mystnb={"image": {"alt": "Left: attention map of one head over 40 positions with a bright diagonal seven places below the main one. Right: mean attention weight by distance, a single tall bar at seven."}}
with torch.no_grad():
    gpt(torch.tensor(test_text[:200, :T]))
    W = gpt.blocks[0].attn.W  # (texts, heads, T, T)
by_distance = torch.stack(
    [W.diagonal(-o, 2, 3)[..., 12:].mean((0, 2)) for o in range(12)]
)
best_head = int(by_distance[7].argmax())

fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1))
axes[0].imshow(W[:, best_head].mean(0))
axes[0].grid(False)
axes[0].set(
    title="attention, mean of 200 texts", xlabel="looks at $j$", ylabel="from $i$"
)
axes[1].bar(range(12), by_distance[:, best_head], color=plot.BLUE)
axes[1].set(xlabel="distance $i-j$", ylabel="mean weight", xticks=range(0, 12, 2))
plt.show()

# %%
verify(
    "the distance that the best head looks at: lag − 1",
    int(by_distance[:, best_head].argmax()),
    lag - 1,
)
verify_at_least(
    "its mean weight there, where a uniform look would give at most 0.08",
    by_distance[7, best_head],
    0.4,
)

# %% [markdown]
r"""
Nobody told it about eight. The lag is in the weights, and it can be read off.

One pass trained all positions at once. That this is the same as predicting from every prefix separately is what the mask is for:
"""

# %%
x = torch.tensor(test_text[:5])
with torch.no_grad():
    at_once = F.cross_entropy(
        gpt(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten(), reduction="sum"
    )
    prefixes = sum(
        F.cross_entropy(gpt(x[:, :t])[:, -1], x[:, t], reduction="sum")
        for t in range(1, T + 1)
    )
verify(
    "loss of all positions in one pass, against one pass for each prefix",
    at_once,
    prefixes,
    rtol=1e-5,
)

# %% [markdown]
r"""
## Writing

To write, draw a letter from $q$, append it, repeat. Run naively that recomputes every key and value of the past at each step. But under a causal mask the past never changes: keep its keys and values, the *KV cache*, and each step costs one token.
"""


# %%
def step(model, token, t, cache):
    """Logits after token, (batch, ), at position t; cache holds keys and values of the past."""
    x = model.embed(token)[:, None]
    for i, block in enumerate(model.blocks):
        q, k, v = block.attn.roles(block.norm1(x), start=t)
        if i in cache:
            k, v = torch.cat([cache[i][0], k], 2), torch.cat([cache[i][1], v], 2)
        cache[i] = k, v
        y = attention(q, k, v)[0]  # no mask: nothing of the future is there
        x = x + block.attn.out(y.transpose(1, 2).flatten(2))
        x = x + block.mlp(block.norm2(x))
    return model.head(model.norm(x))[:, 0]


with torch.no_grad():
    x, cache = torch.tensor(test_text[:50, :T]), {}
    stepwise = torch.stack([step(gpt, x[:, t], t, cache) for t in range(T)], 1)
    verify(
        "KV cache: logits equal those of a full recomputation",
        stepwise,
        gpt(x),
        atol=1e-5,
    )
verify(
    "the cache holds 40 keys in each of 2 heads of width 16",
    tuple(cache[0][0].shape),
    (50, 2, 40, 16),
)

# %% [markdown]
r"""
How boldly to draw is a free choice. *Temperature* $\tau$ divides the logits: $q_\tau\propto e^{z/\tau}$. At $\tau\to0$ only the likeliest letter is left (*greedy*), at $\tau\to\infty$ all are equal. The entropy of the draw rises in between, and at a rate that has a formula: with $z=$ logits, $\frac{d}{d\tau}H(q_\tau)=\operatorname{Var}_{q_\tau}(z)/\tau^3\ge0$.
"""


# %%
def draw(z, tau):
    return torch.multinomial((z / tau).softmax(-1), 1, generator=g)[:, 0]


z = stepwise[0, 20].double()
q = lambda tau: (z / tau).softmax(-1).numpy()
for tau in (0.5, 1.0, 3.0):
    slope = (entropy(q(tau + 1e-5)) - entropy(q(tau - 1e-5))) / 2e-5
    variance = q(tau) @ (z.numpy() - q(tau) @ z.numpy()) ** 2
    verify(
        f"slope of the entropy in the temperature at τ = {tau}",
        slope,
        variance / tau**3,
        rtol=1e-6,
    )
    drawn = draw(z.repeat(4000, 1), tau)
    verify_within_se(
        f"share of the likeliest letter among 4000 draws, τ = {tau}",
        (drawn == z.argmax()).double(),
        q(tau).max(),
    )


# %% tags=["hide-input"]
def next_letter(tau):
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    ax.bar(list(letters), q(tau), color=plot.BLUE)
    ax.set(
        ylim=(0, 1),
        ylabel="probability",
        title=f"after …{''.join(letters[i] for i in test_text[0, 9:21])}:  entropy {entropy(q(tau)):.2f} nats",
    )
    return fig


explore(
    next_letter,
    tau=[1.0, 0.1, 0.3, 0.5, 0.8, 1.5, 2.5, 5.0, 20.0],
    alt="Bar chart of the probabilities of the next letter; one bar at low temperature, four nearly equal ones at high",
)

# %% [markdown]
r"""
At $\tau=1$ the GPT should write like the machine. In its own texts, how often does a letter repeat the one eight places before? For the machine that share is $\sum_c\pi(c)\,\mathrm{cond}(\text{oldest letter of }c\mid c)$, and always 0.6 plus what the table gives by chance.
"""


# %%
def generate(start, steps, tau):
    x, cache = start, {}
    for t in range(start.shape[1] - 1 + steps):
        z = step(gpt, x[:, t], t, cache)
        if t >= start.shape[1] - 1:
            x = torch.cat([x, draw(z, tau)[:, None]], 1)
    return x


with torch.no_grad():
    own = {
        tau: generate(torch.tensor(test_text[:1000, :lag]), 16, tau)
        for tau in (1.0, 0.3)
    }
echoes = {tau: (x[:, lag:] == x[:, :-lag]).double().mean() for tau, x in own.items()}
machine = float(pi @ cond[context, context // 4 ** (lag - 1)])
verify(
    "share of echoes the machine makes, against its text",
    machine,
    (test_text[:, lag:] == test_text[:, :-lag]).mean(),
    atol=6e-3,
)
verify(
    "share of echoes in the GPT's own texts at τ = 1", echoes[1.0], machine, atol=0.02
)
verify_at_least(
    "… at τ = 0.3 it repeats itself more, as greedy text does",
    echoes[0.3],
    machine + 0.1,
)

# %% [markdown]
r"""
(gpt)=
## A GPT that adds

The letters above had one rule. What does next-token prediction learn when the text has content? Take the text `;3+4=7;8+5=13;…`: nothing says that it is arithmetic. In each sum the two digits are free, the rest is determined, so a text cut after two digits of the second sum has an entropy that can be counted, $4\log10$ nats on 11 characters. A bigram model knows what follows `=` only on average. *Prompts* steer the generation: what stands before the `=` selects what comes after it.
"""

# %%
chars = "0123456789+=;"
encode = lambda s: torch.tensor([chars.index(c) for c in s])
sums = [f"{a}+{b}={a + b};" for a in range(10) for b in range(10)]
every = torch.stack(
    [encode((";" + s + r)[:12]) for s in sums for r in sums]
)  # (10⁴, 12)
_, times = every.unique(dim=0, return_counts=True)
limit = entropy(times.numpy() / 1e4) / 11  # nats for each predicted character
verify(
    "entropy of the arithmetic text for each character: 4 log 10 / 11",
    limit,
    4 * math.log(10) / 11,
    rtol=1e-9,
)
pairs = torch.zeros(13, 13, dtype=torch.float64).index_put_(
    (every[:, :-1].flatten(), every[:, 1:].flatten()),
    torch.tensor(1.0).double(),
    accumulate=True,
)
bigram = entropy((pairs / pairs.sum()).numpy()) - entropy(
    (pairs.sum(1) / pairs.sum()).numpy()
)

# %%
shuffled = every[torch.randperm(10_000, generator=g)]
seen, unseen = shuffled[:8000], shuffled[8000:]
torch.manual_seed(0)
adder = Transformer(13, 13, 64, 4, 2, causal=True, rotary=30.0, width=2)


def adder_loss(x):
    return F.cross_entropy(adder(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())


train(
    adder, lambda: adder_loss(seen[torch.randint(8000, (100,), generator=g)]), 230, 7e-3
)
with torch.no_grad():
    loss_unseen = adder_loss(unseen).item()
verify(
    "arithmetic GPT on unseen texts, against the entropy (nats a character)",
    loss_unseen,
    limit,
    rtol=0.06,
)
verify_at_most("… as a share of the bigram model's loss", loss_unseen / bigram, 0.7)


# %%
def answer(prompt):
    with torch.no_grad():
        while prompt.count(";") < 2 and len(prompt) < 9:
            prompt += chars[adder(encode(prompt)[None])[0, -1].argmax()]
    return prompt


print(answer(";2+5="))
right = [answer(";" + s[:4]) == ";" + s for s in sums]
verify_at_least("prompts like 2+5= continued correctly, of 100", sum(right), 95)
verify(
    "parameters of the arithmetic GPT: 2·13d + 13 + 2d + 2(8d² + 11d)",
    sum(p.numel() for p in adder.parameters()),
    2 * 13 * 64 + 13 + 2 * 64 + 2 * (8 * 64**2 + 11 * 64),
)

# %% [markdown]
r"""
### Induction heads

The echo had a fixed distance. What if the text repeats itself at a distance that changes from text to text? Then no fixed diagonal helps. The rule that does: *find the last place where the present token stood, and predict what came next there.* This takes two layers. A head of the first tells each token who its predecessor was; a head of the second then looks for the token whose predecessor equals me. Such pairs are called *induction heads* {cite:p}`olsson2022`.

The copy task: a random string of 5 to 10 different symbols, repeated. A model that copies must be right on every symbol after the first round.
"""


# %%
def repeated(n, T=24, V=12):
    period = torch.randint(5, 11, (n, 1), generator=g)
    word = torch.rand(n, V, generator=g).argsort(1)  # all symbols in random order
    return word.gather(1, torch.arange(T + 1) % period), period


torch.manual_seed(0)
copier = Transformer(12, 12, 32, 1, 2, causal=True, rotary=100.0, width=1)


def copy_loss():
    x, period = repeated(64)
    later = torch.arange(24) >= period  # the first round cannot be known
    return F.cross_entropy(copier(x[:, :-1])[later], x[:, 1:][later])


train(copier, copy_loss, 240, 1e-2)

# %%
with torch.no_grad():
    x, period = repeated(500)
    later = torch.arange(24) >= period
    right = (copier(x[:, :-1]).argmax(-1) == x[:, 1:])[later].double().mean()
first, second = (block.attn.W[:, 0] for block in copier.blocks)  # (texts, 24, 24)
after = (torch.arange(24) - period + 1).clamp(0)  # the token after my last occurrence
induction = second.gather(2, after[..., None])[..., 0][later].mean()
uniform = (1 / torch.arange(1.0, 25)).expand(500, 24)[later].mean()
verify("copying a repeated string: share of symbols right", right, 1.0, atol=0.002)
verify_at_least(
    "layer 1: mean weight on the token just before",
    first.diagonal(-1, 1, 2).mean(),
    0.6,
)
verify_at_least(
    "layer 2: weight on the token after my last occurrence, over uniform",
    induction / uniform,
    8.0,
)

# %% mystnb={"image": {"alt": "Two attention maps of one text with period 7. Layer 1: a bright line just below the diagonal. Layer 2: a bright line six places below the diagonal, from the second round on."}} tags=["hide-input"]
which = int((period[:, 0] == 7).nonzero()[0])
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.4))
for ax, M, name in zip(
    axes, (first, second), ("layer 1: my predecessor", "layer 2: induction")
):
    ax.imshow(M[which], vmin=0, vmax=1)
    names = ["abcdefghijkl"[i] for i in x[which, :24]]
    ax.set(title=name, xticks=range(24), yticks=range(24))
    ax.set_xticklabels(names, fontsize=8)
    ax.set_yticklabels(names, fontsize=8)
    ax.grid(False)
plt.show()

# %% [markdown]
"""
On the right, each letter of the second round looks at the letter *after* its earlier self. Does the model need the first layer for that? Silence its head and see.
"""

# %%
with torch.no_grad():
    kept = copier.blocks[0].attn.out.weight.clone()
    copier.blocks[0].attn.out.weight.zero_()
    blind = (copier(x[:, :-1]).argmax(-1) == x[:, 1:])[later].double().mean()
    copier.blocks[0].attn.out.weight.copy_(kept)
verify_at_most("copying with the head of layer 1 silenced: share right", blind, 0.6)
# %% [markdown]
r"""
## Encoder and decoder

(encoder-decoder-transformer)=
Translation reads one sequence and writes another. The *encoder*, blocks without a mask, turns the source into vectors. The *decoder* writes the target token by token: its blocks are causal, and each has a third part between the two, *cross-attention*, whose queries come from the target and whose keys and values come from the encoder's output $S$:

$$
x\leftarrow x+\mathrm{SA}_{\text{causal}}(\mathrm{LN}(x)),\qquad x\leftarrow x+\mathrm{CA}(\mathrm{LN}(x),S),\qquad x\leftarrow x+\mathrm{MLP}(\mathrm{LN}(x)).
$$ (eq-tf-decoder)
"""


# %%
class DecoderBlock(Block):
    def __init__(self, d, heads, width=4):
        super().__init__(d, heads, width=width)
        self.norm_cross, self.cross = nn.LayerNorm(d), MultiHead(d, heads)

    def forward(self, x, source, mask):
        x = x + self.attn(self.norm1(x), mask)
        q = self.cross.roles(self.norm_cross(x))[0]  # queries from the target,
        _, k, v = self.cross.roles(source)  # keys and values from the source
        y, self.cross.W = attention(q, k, v)
        x = x + self.cross.out(y.transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm2(x))


theirs = nn.TransformerDecoderLayer(
    16, 4, 64, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
)
ours, mask = DecoderBlock(16, 4), torch.ones(5, 5, dtype=torch.bool).tril()
x, source = torch.randn(3, 5, 16, generator=g), torch.randn(3, 8, 16, generator=g)
with torch.no_grad():
    for p in theirs.parameters():
        p.add_(0.1 * torch.randn(p.shape, generator=g))
    ours.cross.qkv.weight.copy_(theirs.multihead_attn.in_proj_weight)
    ours.cross.qkv.bias.copy_(theirs.multihead_attn.in_proj_bias)
    ours.cross.out.load_state_dict(theirs.multihead_attn.out_proj.state_dict())
    ours.norm_cross.load_state_dict(theirs.norm2.state_dict())
    theirs.norm2 = theirs.norm3  # their names: norm3 stands before the MLP
    copy_block(ours, theirs)
    theirs.norm2 = ours.norm_cross
    verify(
        "decoder block equals torch's TransformerDecoderLayer",
        ours(x, source, mask),
        theirs(x, source, tgt_mask=~mask),
        atol=1e-5,
    )

# %% [markdown]
"""
The task: read a string of three to seven digits, write it backwards. `START` opens the target, `END` closes it. The source's positions are counted from its end, which gives *the t-th digit from the end* an address.
"""

# %%
START, END = 10, 11


class Reverser(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.embed = nn.Embedding(12, d)
        self.place = nn.ParameterList(0.1 * torch.randn(9, d) for _ in range(2))
        self.encoder, self.decoder = Block(d, 2, width=2), DecoderBlock(d, 1, width=2)
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, 12)

    def forward(self, source, target):
        n, m = source.shape[1], target.shape[1]
        s = self.embed(source) + self.place[0][:n].flip(
            0
        )  # places counted from the end
        t = self.embed(target) + self.place[1][:m]
        mask = torch.ones(m, m, dtype=torch.bool).tril()
        return self.head(self.norm(self.decoder(t, self.encoder(s), mask)))


def reverse_task(n, length):
    digits = torch.randint(10, (n, length), generator=g)
    edge = lambda token: torch.full((n, 1), token)
    return (
        torch.cat([digits, edge(END)], 1),
        torch.cat([edge(START), digits.flip(1), edge(END)], 1),
    )


# %%
torch.manual_seed(0)
reverser = Reverser()


def reverse_loss():
    length = int(torch.randint(3, 8, (2,), generator=g).max())  # long ones more often
    source, target = reverse_task(128, length)
    z = reverser(source, target[:, :-1])
    return F.cross_entropy(z.flatten(0, 1), target[:, 1:].flatten())


train(reverser, reverse_loss, 300, 1e-2)
right, diagonal = [], []
with torch.no_grad():
    for length in range(3, 8):
        source, target = reverse_task(100, length)
        written = target[:, :1]
        for _ in range(length + 1):  # token by token, from its own output
            z = reverser(source, written)[:, -1]
            written = torch.cat([written, z.argmax(-1, keepdim=True)], 1)
        right.append((written == target).all(1).double().mean())
        looks = reverser.decoder.cross.W.mean(1)[:, :length].argmax(-1)
        diagonal.append((looks == torch.arange(length).flip(0)).double().mean())
verify(
    "reversing 500 unseen strings token by token: share without any error",
    float(np.mean(right)),
    1.0,
    atol=0.005,
)
verify_at_least(
    "cross-attention: share of digits whose largest weight is on the right source",
    float(np.mean(diagonal)),
    0.9,
)

# %%
later = written.clone()
later[:, 5] = (later[:, 5] + 1) % 10
with torch.no_grad():
    change = (reverser(source, later) - reverser(source, written)).abs().amax((0, 2))
verify(
    "another target token at place 5: change of the five logits before it",
    change[:5],
    np.zeros(5),
    atol=1e-6,
)
verify_at_least("… and of the next", change[5], 0.1)

# %% mystnb={"image": {"alt": "Cross-attention map of the decoder for strings of seven digits: a bright anti-diagonal, each written digit looks at its mirror place in the source."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3.2))
ax.imshow(reverser.decoder.cross.W.mean((0, 1)))
ax.set(
    xlabel="source position",
    ylabel="target position",
    title="cross-attention, mean of 100 strings",
)
ax.grid(False)
plt.show()

# %% [markdown]
r"""
The anti-diagonal is the algorithm.

(pooling-for-sequence-classification)=
### From a sequence to one answer

Sometimes one value for the whole sequence is wanted: is the review positive? An MLP on all tokens joined would fix the length. A *set pooling*, the mean or the maximum over the outputs, takes any length. But pooling alone is a bag of words. *Not* before *terrible* should turn it around, and only there; attention can do that, for a large $q_{\text{terrible}}^\top k_{\text{not}}$ lets the one word act on the other.

Our sentences have 4 to 10 words: one is good or bad, one is *not*, which flips the label if it stands directly before the polar word. Half of the time it does, so the words alone tell nothing. The layer may look back only, so that it is clear who has to look at whom.
"""


# %%
def review(n, T):
    x = torch.randint(10, (n, T), generator=g)  # words without polarity
    row, spot = torch.arange(n), torch.randint(1, T, (n,), generator=g)
    bad, before = torch.randint(2, (2, n), generator=g)
    other = torch.rand(n, T, generator=g)
    other[row, spot] = other[row, spot - 1] = -1
    x[row, torch.where(before == 1, spot - 1, other.argmax(1))] = 10  # not
    x[row, spot] = 11 + 3 * bad + torch.randint(3, (n,), generator=g)
    return x, bad ^ before, spot


class Pooled(nn.Module):
    def __init__(self, attend, d=32):
        super().__init__()
        self.embed, self.attend = nn.Embedding(17, d), attend
        self.attn = MultiHead(d, 1, rotary=100.0)
        mlp = lambda out: nn.Sequential(
            nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, out)
        )
        self.token, self.answer = mlp(d), mlp(2)

    def forward(self, x):
        x = self.embed(x)
        back = torch.ones(len(x[0]), len(x[0]), dtype=torch.bool).tril()
        x = x + self.attn(x, back) if self.attend else x
        return self.answer((x + self.token(x)).mean(1))


# %%
accuracy = {}
for attend in (False, True):
    torch.manual_seed(0)
    model = Pooled(attend)

    def loss():
        x, y, _ = review(128, int(torch.randint(4, 11, (1,), generator=g)))
        return F.cross_entropy(model(x), y)

    train(model, loss, 300, 1e-2)
    with torch.no_grad():
        accuracy[attend] = torch.cat(
            [
                (model(x).argmax(1) == y).double()
                for x, y, _ in (review(300, T) for T in range(4, 11))
            ]
        )
verify_within_se(
    "negated reviews: accuracy of pooled words without attention", accuracy[False], 0.5
)
verify_at_least(
    "negated reviews: accuracy with one attention layer", accuracy[True].mean(), 0.9
)

# %%
x, y, spot = review(2000, 8)
with torch.no_grad():
    model(x)
row = torch.arange(2000)
look = model.attn.W[row, 0, spot, spot - 1]  # from the polar word to its left neighbour
negated = x[row, spot - 1] == 10
print(
    f"weight on the left neighbour: {look[negated].mean():.2f} if it is 'not', "
    f"{look[~negated].mean():.2f} if not"
)
verify_at_least(
    "the polar word looks at 'not' just before it: weight over that of other words",
    look[negated].mean() / look[~negated].mean(),
    4.0,
)

# %% [markdown]
r"""
## BERT, and learning twice

(subword-tokenization)=
### Pieces of words

What is a token of a real text? Whole words leave every new word unknown; single letters make sequences long. *Byte-pair encoding* {cite:p}`sennrich2016` starts from letters and keeps merging the most frequent neighbouring pair into a new piece. Any string stays expressible, frequent words become one token.
"""

# %%
text = (
    "the cat sat on the mat the dog sat on the log the cat saw the dog and the dog saw "
    "the cat that sat on that mat and the other dog on the other log "
)


def merge(tokens, pair):
    out = []
    for token in tokens:
        joins = out and (out[-1], token) == pair
        out[-1:] = [out[-1] + token] if joins else out[-1:] + [token]
    return out


def learn_merges(text, n):
    tokens, merges = list(text), []
    for _ in range(n):
        counts = {}
        for pair in zip(tokens, tokens[1:]):
            counts[pair] = counts.get(pair, 0) + (
                " " not in pair[0]
            )  # a blank ends a word
        merges.append(max(counts, key=lambda p: (counts[p], p)))
        tokens = merge(tokens, merges[-1])
    return merges


def tokenize(text, merges):
    tokens = list(text)
    for pair in merges:
        tokens = merge(tokens, pair)
    return tokens


# %%
merges = learn_merges(text, 30)
lengths = [len(tokenize(text, merges[:n])) for n in range(31)]
new = "the cathedral oddest mad gnome "
verify(
    "byte pairs: decoding gives back the text", "".join(tokenize(text, merges)), text
)
verify("… and words never seen in training", "".join(tokenize(new, merges)), new)
verify("letters without any merge", lengths[0], len(text))
verify(
    "the first merge joins the most frequent pair: tokens saved",
    lengths[0] - lengths[1],
    max(text.count(a + b) for a in "abcdefghijklmnopqrstuvw" for b in set(text)),
)
verify_at_most(
    "more merges never need more tokens: largest increase", np.diff(lengths).max(), 0
)
verify("'the ' has become one token", "the " in tokenize(text, merges), True)


# %% tags=["hide-input"]
def pieces(merges_done):
    fig, ax = plt.subplots(figsize=(6.8, 1.9))
    ax.axis("off")
    tokens = tokenize(text[:42] + new, merges[:merges_done])
    x = y = 0
    for k, token in enumerate(tokens):
        if x + len(token) > 40:
            x, y = 0, y - 1
        ax.text(
            x,
            y,
            token.replace(" ", "␣"),
            family="monospace",
            fontsize=13,
            bbox={
                "facecolor": ("#CFE8F5", "#F8E3B8")[k % 2],
                "edgecolor": "none",
                "pad": 1.5,
            },
        )
        x += len(token)
    ax.set(xlim=(0, 41), ylim=(-2.6, 1.1), title=f"{len(tokens)} tokens")
    return fig


explore(
    pieces,
    merges_done=[0, 1, 2, 4, 8, 12, 20, 30],
    alt="A sentence cut into coloured pieces; from single letters the pieces grow to whole words as merges are added",
)

# %% [markdown]
r"""
*Special tokens* mark roles. BERT's input is `[CLS] a [SEP] b [SEP]`: the output at `CLS` stands for the whole input, `SEP` separates, and a segment number (0 up to the first `SEP`, then 1) is embedded and added.
"""


# %%
def pack(a, b):
    tokens = ["[CLS]", *a, "[SEP]", *b, "[SEP]"]
    segments = [0] * (len(a) + 2) + [1] * (len(b) + 1)
    return tokens, segments


tokens, segments = pack(["the ", "cat "], ["sat "])
verify("two sentences packed", " ".join(tokens), "[CLS] the  cat  [SEP] sat  [SEP]")
verify("their segment numbers", tuple(segments), (0, 0, 0, 0, 1, 1))
verify(
    "segment 0 ends with the first separator",
    segments.index(1),
    tokens.index("[SEP]") + 1,
)

# %% [markdown]
r"""
(masked-language-modelling)=
### Fill in the blanks

A causal model sees only the left side. *Masked language modelling* {cite:p}`devlin2019` trains an encoder that sees both: select 15 % of the tokens as targets; replace 80 % of these by `[MASK]`, 10 % by a random token, leave 10 % as they are; predict the originals, and only those. (Were every target masked, the model would learn to look at nothing else, and it never meets `[MASK]` at work.)

Our language has 32 words in four classes, a word's class being its number modulo 4. Words at even places are free; the class of a word at an odd place is the *larger of its neighbours' classes*. With both neighbours known the uncertainty is $\log8$, the choice within the class. From the left alone the class is uncertain too: if $a$ is the left neighbour's class, it is $\max(a,U)$ with $U$ uniform.
"""

# %%
WORDS, MASK, T = 32, 32, 9


def corpus(n):
    kind = torch.randint(4, (n, T), generator=g)
    kind[:, 1::2] = torch.maximum(kind[:, :-1:2], kind[:, 2::2])
    return kind + 4 * torch.randint(WORDS // 4, (n, T), generator=g)


def hide(x):
    chosen, u = (
        torch.rand(x.shape, generator=g) < 0.15,
        torch.rand(x.shape, generator=g),
    )
    noise = torch.randint(WORDS, x.shape, generator=g)
    z = torch.where(chosen & (u < 0.8), MASK, x)
    return torch.where(chosen & (u > 0.9), noise, z), chosen


x = corpus(100_000 // T)
z, chosen = hide(x)
verify_within_se("masking: share of tokens selected", chosen.double().flatten(), 0.15)
verify_within_se("… of these replaced by [MASK]", (z == MASK)[chosen].double(), 0.8)
verify_within_se(
    "… left as they are, by choice or by a random draw of the same word",
    (z == x)[chosen].double(),
    0.1 + 0.1 / WORDS,
)
verify("… tokens changed outside the selection", int((z != x)[~chosen].sum()), 0)

# %%
torch.manual_seed(0)
both_sides = Transformer(WORDS + 1, WORDS, 32, 2, 1, T=T, width=2)
left_only = Transformer(WORDS + 1, WORDS, 32, 2, 1, T=T, causal=True, width=2)


def masked_loss():
    x = corpus(128)
    z, chosen = hide(x)
    return F.cross_entropy(both_sides(z)[chosen], x[chosen])  # selected positions only


def left_loss():
    x = corpus(128)
    return F.cross_entropy(left_only(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())


train(both_sides, masked_loss, 600, 1e-2)
train(left_only, left_loss, 250, 1e-2)

# %%
x = corpus(4000)
z = x.clone()
z[:, 3] = MASK
with torch.no_grad():
    loss_both = F.cross_entropy(both_sides(z)[:, 3], x[:, 3])
    loss_left = F.cross_entropy(left_only(x[:, :-1])[:, 2], x[:, 3])
max_given = [
    np.bincount(np.maximum(a, np.arange(4)), minlength=4) / 4 for a in range(4)
]
from_left = math.log(8) + np.mean([entropy(p) for p in max_given])
verify(
    "a hidden word, seen from both sides: loss, against log 8",
    loss_both,
    math.log(8),
    rtol=0.05,
)
verify(
    "… from the left only, against the exact entropy", loss_left, from_left, rtol=0.02
)

# %% [markdown]
r"""
Each stands at its own limit, and the limits are $0.75$ nats apart.

(bert)=
BERT {cite:p}`devlin2019` is this at scale: an encoder without a mask, not autoregressive, in its large version 24 blocks, 16 heads and width 1024. With vocabulary $V=30522$, 512 positions, 2 segments, MLP width $4d$ and a pooler (one more $d\times d$ layer on `CLS`), $L$ blocks have

$$
(V+512+2)\,d+2d\;+\;L\,(12d^2+13d)\;+\;d^2+d
$$ (eq-tf-bert)

parameters. We count the layers themselves, on a device without memory.

:::{admonition} Both of BERT's tasks are self-supervised
:class: correction
**The notes say** that BERT is trained on two tasks: self-supervised learning and sentence-pair classification.

**Right is:** the two tasks are masked language modelling and next-sentence prediction, and *both* are self-supervised: whether the second sentence really followed the first is known from the text itself, and no person labels anything.
:::
"""


# %%
def bert(L, d, heads, V=30522):
    with torch.device("meta"):
        return nn.ModuleList(
            [
                *(nn.Embedding(n, d) for n in (V, 512, 2)),
                nn.LayerNorm(d),
                *(nn.TransformerEncoderLayer(d, heads, 4 * d) for _ in range(L)),
                nn.Linear(d, d),
            ]
        )


for name, L, d, heads, known in (
    ("base", 12, 768, 12, 109_482_240),
    ("large", 24, 1024, 16, 335_141_888),
):
    formula = (30522 + 512 + 2) * d + 2 * d + L * (12 * d**2 + 13 * d) + d**2 + d
    counted = sum(p.numel() for p in bert(L, d, heads).parameters())
    verify(f"parameters of BERT {name}, counted layer by layer", counted, known)
    verify(f"parameters of BERT {name}, by the formula", formula, known)


# %%
def reach(model):
    """How strongly output 4 depends on each of the nine input tokens."""
    tables = model.embed(x[:50]).detach().requires_grad_()
    handle = model.embed.register_forward_hook(lambda *_: tables)
    (slopes,) = torch.autograd.grad(model(x[:50])[:, 4].norm(), tables)
    handle.remove()
    return slopes.norm(dim=(0, 2))


fresh = reach(Transformer(WORDS + 1, WORDS, 32, 2, 1, T=T))
verify_at_least(
    "unmasked encoder: output 5 of 9 depends on each token, smallest slope over largest",
    fresh.min() / fresh.max(),
    1e-3,
)
verify(
    "causal model: slope of output 5 by the four tokens after it",
    reach(left_only)[5:],
    np.zeros(4),
    atol=1e-12,
)
verify(
    "self-supervised labels: every pair of halves knows whether it belongs together",
    [int((a + b) in text) for a, b in (("the cat ", "sat on "), ("sat on ", "and "))],
    [1, 0],
)

# %% [markdown]
r"""
(pretraining-and-finetuning)=
### Learn once, adapt often

*Pre-training* learns from unlabelled data what words have to do with each other; *fine-tuning* adapts a copy to a task with few labels, with a new head and often all weights. The new task: the second word of a sentence is blotted out; was it of the highest class? Fifty labelled sentences show most of the 32 words only a few times beside the blot. From scratch that is a table to learn by heart; the pre-trained model already knows which words behave alike, and what to expect in a blank.
"""


# %%
def fine_tune(pretrained, x, y, seed):
    torch.manual_seed(seed)
    model = Transformer(WORDS + 1, WORDS, 32, 2, 1, T=T, width=2)
    if pretrained:
        model.load_state_dict(both_sides.state_dict())
    model.head = nn.Linear(32, 2)
    train(model, lambda: F.cross_entropy(model(x)[:, 1], y), 50, 5e-3, seed=100 + seed)
    return model


def blotted(n):
    x = corpus(n)
    y = (x[:, 1] % 4 == 3).long()  # was the second word of class 3?
    x[:, 1] = MASK
    return x, y


scores = []
for seed in range(5):
    (x, y), (x_new, y_new) = blotted(50), blotted(1000)
    models = [fine_tune(p, x, y, seed) for p in (True, False)]
    with torch.no_grad():
        scores.append(
            [(m(x_new)[:, 1].argmax(1) == y_new).double().mean() for m in models]
        )
gain = np.subtract(*np.transpose(scores))
half = (
    2.776 * gain.std(ddof=1) / math.sqrt(5)
)  # Student's t, 4 degrees of freedom, 95 %
print(
    f"pre-trained {np.mean(scores, 0)[0]:.2f}, from scratch {np.mean(scores, 0)[1]:.2f}, "
    f"gain {gain.mean():.2f} ± {half:.2f}"
)
verify_at_least(
    "fine-tuned on 50 labels: accuracy gained by pre-training, mean of 5 seeds",
    gain.mean(),
    0.05,
)
verify_at_least("… lower end of its 95 % confidence interval", gain.mean() - half, 0.0)

# %% [markdown]
r"""
## Steering a model that is already trained

(zero-and-few-shot-learning)=
### Learning without learning

Large models solve new tasks from a description (*zero-shot*) or a few examples (*few-shot*) in the prompt {cite:p}`brown2020`. No weight changes: whatever is learned is learned in the activations. A toy that can be compared with theory {cite:p}`garg2022`: each prompt holds pairs $(x_j,y_j)$ with $y=w^\top x+\text{noise}$, $x\in\mathbb R^2$, noise of standard deviation $\frac12$, and a *new* $w\sim\mathcal N(0,I)$ for every prompt. Asked for $y$ at a new $x$, nobody does better than Bayes' rule, which here is [ridge regression](#ridge-regression) with $\lambda=\frac14$.
"""

# %%
SHOTS, noise = 9, 0.5


def prompts(n):
    w, X = torch.randn(n, 2, 1, generator=g), torch.randn(n, SHOTS, 2, generator=g)
    return X, (X @ w)[..., 0] + noise * torch.randn(n, SHOTS, generator=g)


class InContext(nn.Module):
    """Tokens: all examples (x, y, 1), then all questions (x, 0, 0); question k sees k examples."""

    def __init__(self, d=32):
        super().__init__()
        self.embed, self.head = nn.Linear(4, d), nn.Linear(d, 1)
        self.blocks, self.norm = (
            nn.ModuleList(Block(d, 2, width=2) for _ in range(2)),
            nn.LayerNorm(d),
        )
        i = torch.arange(SHOTS)
        past, own = i[:, None] > i, torch.eye(SHOTS, dtype=torch.bool)
        self.mask = torch.cat(
            [torch.cat([past | own, own & ~own], 1), torch.cat([past, own], 1)]
        )

    def forward(self, X, y):
        pad = lambda *cols: torch.cat([X, *cols], -1)
        one = torch.ones_like(y)[..., None]
        x = self.embed(torch.cat([pad(y[..., None], one), pad(0 * one, 0 * one)], 1))
        for block in self.blocks:
            x = block(x, self.mask)
        return self.head(self.norm(x))[:, SHOTS:, 0]


# %%
torch.manual_seed(0)
learner = InContext()


def context_loss():
    X, y = prompts(64)
    return ((learner(X, y) - y) ** 2).mean()


train(learner, context_loss, 330, 5e-3)
X, y = prompts(4000)
before = torch.nn.utils.parameters_to_vector(learner.parameters()).detach().clone()
with torch.no_grad():
    error = ((learner(X, y) - y) ** 2).mean(0)  # (SHOTS, ), after k = 0 … 8 examples
after = torch.nn.utils.parameters_to_vector(learner.parameters())


def regress(k, lam):
    A = X[:, :k].mT @ X[:, :k] + lam * torch.eye(2)
    w = torch.linalg.solve(A, X[:, :k].mT @ y[:, :k, None])[..., 0]
    return (((X[:, k] * w).sum(-1) - y[:, k]) ** 2).mean().item()


bayes = np.array([regress(k, noise**2) for k in range(SHOTS)])

# %%
verify("in context: error without examples, E y² = 2 + ¼", error[0], 2.25, rtol=0.08)
verify_at_most(
    "in context: error after k examples over that after k − 1, k = 1 … 5",
    (error[1:6] / error[:5]),
    0.97,
)
verify_at_least(
    "in context: never better than Bayes (ratio of errors)", error.numpy() / bayes, 0.99
)
verify_at_most(
    "in context, 8 examples: error over that of least squares",
    error[8] / regress(8, 0),
    1.9,
)
verify("weights changed by 4000 prompts", (after - before).abs().max(), 0.0, atol=1e-15)

# %% mystnb={"image": {"alt": "Mean squared error against the number of examples in the prompt: the transformer falls from 2.2 to about 0.5, somewhat above the Bayes-optimal ridge regression."}} tags=["hide-input"]
plt.plot(error, "o-", label="transformer, weights frozen")
plt.plot(bayes, "s--", color=plot.GREY, label="Bayes: ridge regression")
plt.axhline(noise**2, color="black", ls=":", lw=1, label="noise")
plt.xlabel("examples in the prompt")
plt.ylabel("squared error of the next answer")
plt.ylim(0)
plt.legend()
plt.show()

# %% [markdown]
r"""
(alignment-from-human-feedback)=
### What people prefer

A language model imitates; people want to be helped. *Alignment* {cite:p}`ouyang2022` collects comparisons of replies, $a$ preferred to $b$, fits a reward to them by the Bradley–Terry model, and then moves the policy towards reward without straying far from the base model $\pi_0$:

$$
P(a\succ b)=\sigma(r_a-r_b),\qquad\max_\pi\ \sum_a\pi_ar_a-\beta\sum_a\pi_a\log\frac{\pi_a}{\pi_{0,a}} .
$$ (eq-tf-alignment)

The first is [logistic regression](#logistic-regression) on differences. The second has a closed form. With a multiplier $\mu$ for $\sum_a\pi_a=1$, the derivative by $\pi_a$ vanishes when $r_a-\beta\log\frac{\pi_a}{\pi_{0,a}}-\beta-\mu=0$, so

$$
\pi_a=\frac1Z\,\pi_{0,a}\,e^{r_a/\beta}.
$$ (eq-tf-tilt)
"""

# %%
r_true = np.array([0.0, 1.2, -0.8, 0.5, 2.0])
rng = np.random.default_rng(3)
a = rng.integers(5, size=5000)
b = (a + rng.integers(1, 5, size=5000)) % 5  # two different replies of five
prefers = rng.random(5000) < 1 / (1 + np.exp(r_true[b] - r_true[a]))
win, lose = np.where(prefers, a, b), np.where(prefers, b, a)
fit_r = optimize.minimize(
    lambda r: np.logaddexp(0, r[lose] - r[win]).sum() + r.sum() ** 2, np.zeros(5)
).x
centred = r_true - r_true.mean()
verify_at_least(
    "rewards fitted to 5000 preferences: correlation with the true ones",
    np.corrcoef(fit_r, r_true)[0, 1],
    0.98,
)
verify("… and the rewards themselves, up to a constant", fit_r, centred, atol=0.25)

# %%
base = np.array([0.4, 0.25, 0.2, 0.1, 0.05])


def aligned(beta):
    tilted = base * np.exp(fit_r / beta)
    return tilted / tilted.sum()


def gain_per(beta):
    """The objective, as a function of free logits, with a minus sign for the optimiser."""

    def f(z):
        z = torch.tensor(z, requires_grad=True)
        p = z.softmax(0)
        value = (
            p @ torch.tensor(fit_r) - beta * (p * (p / torch.tensor(base)).log()).sum()
        )
        return -value.item(), -torch.autograd.grad(value, z)[0].numpy()

    return f


for beta in (0.3, 1.0, 5.0):
    best = optimize.minimize(gain_per(beta), np.zeros(5), jac=True, tol=1e-13)
    policy = torch.tensor(best.x).softmax(0)
    verify(
        f"KL-regularised optimum found numerically, β = {beta}: the tilted base",
        policy,
        aligned(beta),
        atol=1e-6,
    )


# %% tags=["hide-input"]
def policy_for(beta):
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    ax.bar(np.arange(5) - 0.2, base, 0.4, color=plot.GREY, label="base model")
    ax.bar(np.arange(5) + 0.2, aligned(beta), 0.4, color=plot.RED, label="aligned")
    ax.set(ylim=(0, 1), xticks=range(5), ylabel="probability")
    ax.set_xticklabels([f"reply {i + 1}\nr = {r:.1f}" for i, r in enumerate(fit_r)])
    ax.legend(loc="upper left")
    return fig


explore(
    policy_for,
    beta=[1.0, 0.1, 0.2, 0.3, 0.5, 2.0, 5.0, 20.0],
    alt="Probabilities of five replies under the base model and the aligned one: for small beta only the best-rewarded reply is left, for large beta nothing changes",
)

# %% [markdown]
r"""
## Images as sentences

(vision-transformer)=
Nothing in the block knows of words. A *vision transformer* {cite:p}`dosovitskiy2021` cuts an image with $q$ channels into patches of $p\times p$ pixels, flattens each and maps it linearly to a token,

$$
x^i=V\operatorname{vec}(p^i)\in\mathbb R^n,\qquad p^i\in\mathbb R^{p\times p\times q},\qquad V\in\mathbb R^{n\times p^2q},
$$ (eq-tf-patch)

adds position embeddings, and uses an ordinary encoder. With $p=16$ a picture of $224\times224\times3$ is a sentence of $14^2=196$ words of raw dimension $16^2\cdot3=768$.

:::{admonition} The size of the patch matrix
:class: correction
**The notes say** that $V\in\mathbb R^{n\times(pq^2)}$.

**Right is:** a $p\times p$ patch with $q$ channels has $p^2q$ entries, so $V\in\mathbb R^{n\times p^2q}$. For $p=16$, $q=3$ that is 768 columns, not 144.
:::
"""


# %%
def patches(x, p):  # (batch, q, height, width) to (batch, patches, p²q)
    B, q, h, w = x.shape
    x = x.view(B, q, h // p, p, w // p, p)
    return x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


picture = torch.randn(2, 3, 224, 224, generator=g)
conv = nn.Conv2d(3, 24, 16, stride=16)
tokens = patches(picture, 16)
verify(
    "224×224×3 in patches of 16: tokens and their raw dimension",
    tuple(tokens.shape[1:]),
    (196, 16**2 * 3),
)
verify(
    "patches equal torch's unfold",
    tokens,
    F.unfold(picture, 16, stride=16).mT,
    atol=1e-7,
)
with torch.no_grad():
    V = conv.weight.flatten(1)  # (n, p²q)
    verify(
        "patch, flatten, multiply: a convolution with kernel = stride = p",
        tokens @ V.T + conv.bias,
        conv(picture).flatten(2).mT,
        atol=1e-5,
    )


# %%
class ViT(nn.Module):
    def __init__(self, p=4, d=32, positions=True):
        super().__init__()
        self.p, self.V = p, nn.Linear(p * p, d)
        self.place = (
            nn.Parameter(0.02 * torch.randn((8 // p) ** 2, d)) if positions else 0
        )
        self.block, self.norm, self.head = (
            Block(d, 4, width=2),
            nn.LayerNorm(d),
            nn.Linear(d, 10),
        )

    def tokens(self, x):
        return self.block(self.V(patches(x, self.p)) + self.place)

    def forward(self, x):
        return self.head(self.norm(self.tokens(x)).mean(1))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10),
    )


digits = data.digits(1300)
images, new_images = (
    torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8) * 2 - 1
    for X in (digits.X_train, digits.X_test)
)
labels, new_labels = torch.tensor(digits.y_train), torch.tensor(digits.y_test)


# %%
def learn_digits(make, n, steps, seed):
    torch.manual_seed(seed)
    model = make()

    def loss():
        i = torch.randint(n, (64,), generator=g)
        return F.cross_entropy(model(images[i]), labels[i])

    train(model, loss, steps, 5e-3, seed)
    with torch.no_grad():
        return model, (model(new_images).argmax(1) == new_labels).double().mean().item()


vit, vit_score = learn_digits(ViT, 1300, 400, 0)
verify_at_least(
    "ViT with four 4×4 patches: test accuracy on the digits", vit_score, 0.94
)

# %% [markdown]
r"""
(vit-inductive-bias)=
What does it lose against a convolution? Without positions, even the fact that patches have places: shuffle them and nothing changes. And a convolution shifted by a pixel gives the same features, shifted; a ViT cuts the shifted image at other places and sees other words. A CNN is born with these two facts; a ViT has to learn them from data. With much data that is harmless, with little it is a handicap.
"""


# %%
def shuffled_patches(x, order):
    big = patches(x, 4)[:, order].view(-1, 2, 2, 4, 4)
    return big.permute(0, 1, 3, 2, 4).reshape(-1, 1, 8, 8)


x, order = new_images[:100], torch.tensor([2, 0, 3, 1])
plain = ViT(positions=False)
with torch.no_grad():
    verify(
        "unshuffled patches give back the image",
        shuffled_patches(x, torch.arange(4)),
        x,
        atol=1e-7,
    )
    verify(
        "ViT without positions: logits do not mind shuffled patches",
        plain(shuffled_patches(x, order)),
        plain(x),
        atol=1e-5,
    )
    verify_at_least(
        "ViT with positions: largest change of the logits under shuffling",
        (vit(shuffled_patches(x, order)) - vit(x)).abs().max(),
        1.0,
    )
    wide = F.pad(
        x, (2, 2, 2, 2), value=-1.0
    )  # a blank frame, so nothing falls off the edge
    feature = cnn()[0]
    verify(
        "convolution: the features of an image shifted by a pixel are the shifted features",
        feature(wide.roll(1, 3))[..., 2:-2, 3:-1],
        feature(wide)[..., 2:-2, 2:-2],
        atol=1e-5,
    )
    shift, same = vit.tokens(x.roll(1, 3)), vit.tokens(x)
    nearest = ((shift[:, :, None] - same[:, None]) ** 2).sum(-1).min(2).values.mean()
    verify_at_least(
        "ViT: squared distance of a shifted image's tokens to the nearest before, over their variance",
        nearest / same.var((0, 1)).sum(),
        0.05,
    )

# %%
small = {
    make: np.mean([learn_digits(make, 100, 100, s)[1] for s in range(3)])
    for make in (ViT, cnn)
}
cnn_score = learn_digits(cnn, 1300, 400, 0)[1]
print("test accuracy        100 images   1300 images")
print(f"ViT                     {small[ViT]:.2f}          {vit_score:.2f}")
print(f"CNN                     {small[cnn]:.2f}          {cnn_score:.2f}")
verify_at_least(
    "100 digits, mean of 3 runs: accuracy of the CNN minus that of the ViT",
    small[cnn] - small[ViT],
    0.06,
)
verify_at_most(
    "1300 digits: the gap has shrunk to less than half, ratio of gaps",
    (cnn_score - vit_score) / (small[cnn] - small[ViT]),
    0.5,
)
verify_at_least("1300 digits: accuracy of the CNN", cnn_score, 0.97)
# %% [markdown]
r"""
(transformers-practice)=
## In practice

At work one writes neither attention nor blocks. `nn.TransformerEncoder` with a causal mask is the body of a GPT, and `F.scaled_dot_product_attention` the fast kernel under it. Both agree with ours, two blocks deep and with the trained rotary heads of the arithmetic GPT.
"""

# %%
layer = nn.TransformerEncoderLayer(
    64, 4, 128, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
)
body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
blocks = [Block(64, 4, width=2) for _ in body.layers]
x, mask = (
    torch.randn(4, 12, 64, generator=g),
    nn.Transformer.generate_square_subsequent_mask(12),
)
with torch.no_grad():
    for ours, theirs in zip(blocks, body.layers):
        copy_block(ours, theirs)
    y = x
    for block in blocks:
        y = block(y, torch.ones(12, 12, dtype=torch.bool).tril())
    verify(
        "two causal blocks equal torch's TransformerEncoder",
        y,
        body(x, mask=mask, is_causal=True),
        atol=1e-5,
    )
    q, k, v = adder.blocks[0].attn.roles(torch.randn(2, 9, 64, generator=g))
    verify(
        "rotary heads of the arithmetic GPT through torch's fused kernel",
        attention(q, k, v, torch.ones(9, 9, dtype=torch.bool).tril())[0],
        F.scaled_dot_product_attention(q, k, v, is_causal=True),
        atol=1e-5,
    )

# %% [markdown]
r"""
**What it costs.** One block spends $12d^2$ multiplications a token on its matrices and $2Td$ on scores and means: attention dominates only for $T>6d$. Training from short to long, the quadratic part is what grows; the cache grows by $2d$ numbers a token and a block.

| where | multiplications |
|---|---|
| roles and output, $4$ matrices | $4Td^2$ |
| MLP of width $4d$ | $8Td^2$ |
| scores and means | $2T^2d$ |
"""

# %%
from torch.utils.flop_counter import FlopCounterMode

for T_, d in ((10, 16), (96, 16), (200, 32)):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        Block(d, 2)(torch.randn(1, T_, d, generator=g))
    verify(
        f"multiplications of one block counted by torch, T = {T_}, d = {d}",
        counter.get_total_flops() // 2,
        12 * T_ * d**2 + 2 * T_**2 * d,
    )

# %% [markdown]
r"""
## Beware

**The mask's sense.** In `scaled_dot_product_attention` a true entry means *may look*; in `nn.MultiheadAttention` and `nn.TransformerEncoderLayer` it means *may not*. The wrong one trains happily: the loss goes to zero, because every token sees the answer.
"""

# %%
x = torch.randn(1, 6, 16, generator=g)
tril = torch.ones(6, 6, dtype=torch.bool).tril()
mha, own = nn.MultiheadAttention(16, 4, batch_first=True), MultiHead(16, 4)
with torch.no_grad():
    own.qkv.weight.copy_(mha.in_proj_weight)
    own.qkv.bias.copy_(mha.in_proj_bias)
    own.out.load_state_dict(mha.out_proj.state_dict())
    verify(
        "nn.MultiheadAttention wants the mask turned around",
        mha(x, x, x, attn_mask=~tril)[0],
        own(x, tril),
        atol=1e-5,
    )
    seen = mha(x, x, x, attn_mask=tril.fill_diagonal_(False))[1][0]
verify(
    "given the other way round it sees nothing but the present and the future",
    seen.tril(-1).abs().max(),
    0.0,
    atol=1e-7,
)

# %% [markdown]
r"""
**Bits or nats.** The notes write perplexity as $2^H$ beside a cross-entropy with an unnamed logarithm. Base and logarithm must match: $e^H$ for nats, $2^H$ for bits. Mixed, the perplexity of our GPT would look better than the truth allows.

**Per token of what?** Losses per token cannot be compared across tokenisers: merge letters into larger pieces and the loss per token rises while nothing got worse. Compare per letter.

**Learned positions end where training ended.** Position 41 of a table of 40 does not exist; a rotary model at least runs.
"""

# %%
bits = held_out / math.log(2)
verify(
    "perplexity from bits and from nats agree", 2**bits, math.exp(held_out), rtol=1e-12
)
verify_at_most(
    "2 to the power of nats: a perplexity below the possible, ratio",
    2**held_out / math.exp(rate),
    0.9,
)
by_pairs = H_block[2]  # a text of independent pairs, as tokens of two letters
verify(
    "the same text in tokens of two letters: entropy per token over that per letter",
    H_block[2] / H_block[1],
    1 + H_next[1] / H_next[0],
    rtol=1e-12,
)
with torch.no_grad():
    verify(
        "a rotary GPT trained on 40 letters reads 60",
        tuple(gpt(texts[:2, :41].repeat(1, 2)[:, :60]).shape),
        (2, 60, 4),
    )

# %% [markdown]
"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""


# %% tags=["remove-cell"] jupyter={"source_hidden": true}
@exercise.define("tf-two-tokens")
def _(answer):
    for gap in (-1.0, 0.0, 2.5):
        x1, x2 = torch.tensor([1.0, gap]), torch.tensor([1.0, 1.0])
        W = simple(torch.stack([x1, x2]).double())[1]
        assert abs(answer((x1 @ x1).item(), (x1 @ x2).item()) - W[0, 0]) < 1e-6, (
            f"for scores {x1 @ x1:.2f} and {x1 @ x2:.2f} the weight is {W[0, 0]:.4f}"
        )


@exercise.define("tf-window")
def _(answer):
    for T, w in ((5, 1), (7, 3)):
        want = [[0 <= i - j < w for j in range(T)] for i in range(T)]
        got = torch.as_tensor(answer(T, w))
        assert got.dtype == torch.bool and got.shape == (T, T), "a boolean matrix T × T"
        assert got.tolist() == want, f"wrong for T = {T}, w = {w}: who sees token 1?"


@exercise.define("tf-rotary-half")
def _(answer):
    assert answer > 0, "the smallest positive distance"
    q = torch.tensor([1.0, 0.0])
    turned = rotate(q[None], torch.tensor([[0.1 * answer]]))[0]
    assert abs(q @ turned) < 1e-4, f"at that distance the score is {q @ turned:.3f}"
    assert answer < 20, "there is a smaller one"


@exercise.define("tf-parameters")
def _(answer):
    for L, d in ((1, 8), (3, 32)):
        model = Transformer(50, 50, d, 2, L)
        want = sum(p.numel() for p in model.parameters())
        assert answer(50, d, L) == want, f"for d = {d} and {L} blocks there are {want}"


@exercise.define("tf-cooler")
def _(answer):
    z = torch.tensor([math.log(4.0), 0.0])
    p = (z / answer).softmax(0)[0]
    assert abs(p - 0.95) < 1e-3, f"at your temperature it is {p:.3f}"


@exercise.define("tf-topk")
def _(answer):
    z = torch.tensor([[1.0, 3.0, 2.0, -1.0], [0.0, -5.0, 4.0, 4.5]])
    want = torch.tensor([[0, math.e, 1, 0], [0, 0, 1, math.exp(0.5)]])
    want = want / want.sum(-1, keepdim=True)
    got = answer(z, 2)
    assert torch.allclose(got.sum(-1), torch.ones(2)), "the rows have to sum to one"
    assert torch.allclose(got, want, atol=1e-6), "keep the two largest of each row"


@exercise.define("tf-echo-rate")
def _(answer):
    for p in (0.2, 0.6):
        q = np.full(4, (1 - p) / 4)
        q[0] += p
        assert abs(answer(p) - entropy(q)) < 1e-9, (
            f"for echo probability {p} the rate is {entropy(q):.4f}"
        )


@exercise.define("tf-flat")
def _(answer):
    x = normal(5, 4)
    got = answer(x)
    assert torch.allclose(got, x.mean(0).expand(5, 4), atol=1e-3), (
        "the outputs are not all the mean of the values"
    )


@exercise.define("tf-linear")
def _(answer):
    q, k, v = normal(40, 6), normal(40, 6), normal(40, 3)
    want = (q @ k.T).tril() @ v
    got = answer(q, k, v)
    assert got.shape == (40, 3) and torch.allclose(got, want, atol=1e-9), (
        "it differs from (QKᵀ, masked) V"
    )


# %% [markdown]
r"""
:::{exercise} Two tokens
:label: ex-tf-two-tokens
With two tokens, $w_{11}$ is a [sigmoid](#sigmoid) of something. Write it as a function of the scores $a=x_1^\top x_1$ and $b=x_1^\top x_2$.
:::
"""

# %%
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

:::{exercise} A window
:label: ex-tf-window
Write the mask of a causal layer in which each token sees itself and the $w-1$ tokens before it.
:::
"""

# %%
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

:::{exercise} When rotary partners stop agreeing
:label: ex-tf-rotary-half
Query and key are equal and have two coordinates; the rotary frequency is $\omega=0.1$. At which smallest distance (not necessarily whole) is their score zero?
:::
"""

# %%
rotary_half = ...  # a number

exercise("tf-rotary-half").check(rotary_half)

# %% [markdown]
r"""
<details><summary>Solution</summary>

By [the rotation rule](#eq-tf-rotary) the score is $\lVert q\rVert^2\cos(0.1\,k)$, zero at $k=5\pi$.

```python
rotary_half = 5 * math.pi
```

</details>

:::{exercise} Count the parameters
:label: ex-tf-parameters
How many parameters has our `Transformer` with vocabulary $V$ in and out, width $d$, $L$ blocks (MLP width $4d$) and no position table?
:::
"""

# %%
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

:::{exercise} Cooler
:label: ex-tf-cooler
A model gives two letters the probabilities 0.8 and 0.2. At which temperature is the first drawn with probability 0.95?
:::
"""

# %%
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

:::{exercise} Top-k
:label: ex-tf-topk
Write *top-k sampling*: from logits `z` of shape (batch, V), the probabilities when only the $k$ likeliest tokens of each row are kept and the rest is rescaled.
:::
"""

# %%
top_k = ...  # a function of z and k, probabilities (batch, V)

exercise("tf-topk").check(top_k)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Mask the logits before the softmax, as always.

```python
def top_k(z, k):
    least = z.topk(k, -1).values[:, -1:]
    return z.masked_fill(z < least, -torch.inf).softmax(-1)
```

</details>

:::{exercise} A simpler machine
:label: ex-tf-echo-rate
Let the machine draw uniformly from its four letters instead of using the table, and echo with probability $p$ as before. What is its entropy rate?
:::
"""

# %%
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

:::{exercise} No favourite
:label: ex-tf-flat
Use `attention` with $K=V=X$ and a query of your choice so that every output is the plain mean of the tokens.
:::
"""

# %%
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

:::{exercise} Project: attention without the softmax
:label: ex-tf-linear
Leave the softmax out: $y_i=\sum_{j\le i}(q_i^\top k_j)\,v_j$. Then a recurrent network with a matrix as its state computes the same, with a memory that does not grow. Write it as a loop over $i$ that never looks back.
:::
"""

# %%
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
| causal mask | $w'_{ij}=-\infty$ for $j>i$, before the softmax | [mask](#eq-tf-causal) |
| positions | $(R_iq)^\top(R_jk)=q^\top R_{j-i}k$ | [rotary](#eq-tf-rotary) |
| block | $x\leftarrow x+\mathrm{SA}(\mathrm{LN}(x))$, $x\leftarrow x+\mathrm{MLP}(\mathrm{LN}(x))$; $12d^2+13d$ parameters | [block](#transformer-block) |
| language model | loss $\ge$ entropy rate; perplexity $e^{\text{loss}}$ | [bound](#eq-tf-ce) |
| decoder | cross-attention: queries from the target, keys and values from the source | [decoder](#eq-tf-decoder) |
| alignment | $\pi\propto\pi_0e^{r/\beta}$ | [tilt](#eq-tf-tilt) |
| vision transformer | patch tokens, $V\in\mathbb R^{n\times p^2q}$ | [patches](#eq-tf-patch) |

**Further reading.** {cite:t}`vaswani2017` for the architecture and {cite:t}`phuong2022` for all of it in exact pseudocode; {cite:t}`shannon1951` for guessing letters from the letters before. {cite:t}`olsson2022` tell the story of induction heads, {cite:t}`rafailov2023` go from the tilted policy to a loss without a reward model. Attention itself is older than the transformer {cite:p}`bahdanau2015`; layer norm is by {cite:t}`ba2016`.
"""
