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
(language-models-chapter)=
# Language models

A large model writes one letter at a look, and every look is dear. Beside it sits a small model, quick and often wrong. The small one guesses four letters ahead; the large one looks *once* at all four, keeps those it can stand, and corrects the first that it cannot. The text arrives after fewer than half as many looks. How much worse is it?
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
import copy
import itertools
import math
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from scipy import optimize, sparse
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


def normal(*shape, seed=0):
    """Standard normal numbers of this shape, the same for the same seed."""
    g = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=g, dtype=torch.float64)


# %% tags=["remove-cell"]
@exercise.define("lm-merges")
def _(answer):
    left = encode("abababab", [tuple(p) for p in answer])
    assert len(left) == 1, f"your merges leave {len(left)} tokens"
    assert len(answer) <= 3, "fewer merges will do"
    return True


@exercise.define("lm-weights")
def _(answer):
    for d, H, G, m in ((32, 4, 2, 48), (64, 8, 1, 100)):
        parts = (Attention(d, H, G), SwiGLU(d, m))
        want = sum(w.numel() for part in parts for w in part.parameters())
        assert answer(d, H, G, m) == want, f"for {d}, {H}, {G}, {m} there are {want}"
    return True


@exercise.define("lm-cache")
def _(answer):
    layer = Attention(32 * 16, 32, 8)  # heads of width 16 instead of 128
    kept = attend(layer, torch.zeros(1, 3, 32 * 16))[1]
    a_token = sum(a.numel() for a in kept) / 3 * 8 * 32 * 2  # width, layers, bytes
    for T in (1, 1000):
        assert answer(T) == a_token * T, f"for {T} tokens it takes {a_token * T:,.0f}"
    return True


@exercise.define("lm-combine")
def _(answer):
    rng = np.random.default_rng(6)
    for shift in (0.0, 900.0):
        s, v = shift + 3 * rng.normal(size=9), rng.normal(size=9)
        part = lambda k: (
            s[k].max(),
            np.exp(s[k] - s[k].max()).sum(),
            np.average(v[k], weights=np.exp(s[k] - s[k].max())),
        )
        got = answer(part(slice(0, 4)), part(slice(4, 9)))
        assert np.allclose(got, part(slice(0, 9))), "not the triple of all nine tokens"
    return True


@exercise.define("lm-min-p")
def _(answer):
    for V, s in ((2, 0.5), (27, 0.1), (1000, 0.05)):
        p = np.r_[1.0, np.full(V - 1, s * (1 - 1e-9))]
        want = p[p < s * p.max()].sum() / p.sum()
        assert abs(answer(V, s) - want) < 1e-6, (
            f"for {V} tokens and s = {s}: {want:.4f}"
        )
    return True


@exercise.define("lm-guesses")
def _(answer):
    speed = [sum(0.8**i for i in range(k + 1)) / (1 + 0.1 * k) for k in range(30)]
    assert answer == int(answer), "a whole number"
    assert speed[int(answer)] == max(speed), (
        f"with {answer} guesses it is {speed[int(answer)]:.3f} times as fast; more can be had"
    )
    return True


@exercise.define("lm-rank")
def _(answer):
    rng = np.random.default_rng(8)
    for _ in range(20):
        sigma = np.sort(rng.exponential(size=9) ** 2)[::-1]
        share = np.cumsum(sigma**2) / np.sum(sigma**2)
        want = 1 + int(np.argmax(share >= 0.9))
        assert answer(sigma) == want, f"for {sigma.round(2)} rank {want} is enough"
    return True


@exercise.define("lm-beta")
def _(answer):
    base = np.array([1 / 2, 1 / 8, 3 / 8])  # a and what follows, bx, by
    for beta in (0.3, 1.0, 4.0):
        p = base * np.exp(np.array([1, 3, 0]) / beta)
        want = p[1:].sum() / p.sum()
        assert abs(answer(beta) - want) < 1e-6, f"for beta = {beta} it is {want:.3f}"
    return True


@exercise.define("lm-next")
def _(answer):
    lg = math.lgamma  # E p^k of one letter, by the normalising constants
    for k, alpha in ((2, 0.3), (3, 0.3), (5, 2.0)):
        one = lg(alpha + k) - lg(alpha) + lg(4 * alpha) - lg(4 * alpha + k)
        want = 4 * math.exp(one)
        assert abs(answer(k, alpha) - want) < 1e-9, (
            f"for k = {k} and alpha = {alpha} it is {want:.4f}"
        )
    return True


@exercise.define("lm-compute")
def _(answer):
    loss = 1.7 + 1.0 * answer**-0.05
    assert abs(loss - 2.2) < 2e-3, f"with your factor the loss is {loss:.3f}"
    return True


@exercise.define("lm-lloyd")
def _(answer):
    w = normal(4000, seed=21).numpy()
    got = np.asarray(answer(w))
    assert got.shape == w.shape, "one rounded weight for each"
    assert len(np.unique(got)) <= 4, f"you use {len(np.unique(got))} values"
    usual = (quantize(torch.tensor(w)[None], 2)[0].numpy() - w) ** 2
    share = ((got - w) ** 2).mean() / usual.mean()
    assert share <= 1 / 3, f"your error is {share:.2f} of that of quantize"
    return True


@exercise.define("lm-greedy")
def _(answer):
    for start in ("th", "al", "qx", "he"):
        text, want = [ALPHABET.index(c) for c in start], []
        for _ in range(8):
            want.append(int(P[(text + want)[-2], (text + want)[-1]].argmax()))
        for k in (1, 3):
            got = [int(c) for c in answer(list(text), k)]
            agree = 0
            while agree < k and Q[(text + want)[agree + 1]].argmax() == want[agree]:
                agree += 1
            assert got == want[: agree + 1], (
                f"after {start} one look with {k} guesses gives {spell(want[: agree + 1])!r}"
            )
    return True


@exercise.define("lm-cuts")
def _(answer):
    p = {"a": 0.3, "b": 0.2, "ab": 0.25, "ba": 0.15, "abab": 0.1}
    for text in ("abab", "ba", "aababb"):
        want = 0.0
        for bars in itertools.product((False, True), repeat=len(text) - 1):
            cut = "".join(c + "|" * b for c, b in zip(text, (*bars, False)))
            want += math.prod(p.get(piece, 0) for piece in cut.split("|"))
        assert abs(answer(text, p) - want) < 1e-12, f"{text} has {want:.5f}"
    return True


# %% tags=["set-up"]
alice, alice_new = data.alice()
ALPHABET = " abcdefghijklmnopqrstuvwxyz"
numbers, new_numbers = (
    np.array([ALPHABET.index(c) for c in text]) for text in (alice, alice_new)
)
spell = lambda text: "".join(ALPHABET[c] for c in text)


def lean(counts, lower):
    """Shares of the counts; where they are thin, lean on the lower model."""
    N, U = counts.sum(-1, keepdims=True), (counts > 0).sum(-1, keepdims=True)
    return np.where(N > 0, (counts + U * lower) / np.maximum(N + U, 1), lower)


pair_counts, triple_counts = np.zeros((27, 27)), np.zeros((27, 27, 27))
np.add.at(pair_counts, (numbers[:-1], numbers[1:]), 1)
np.add.at(triple_counts, (numbers[:-2], numbers[1:-1], numbers[2:]), 1)
Q = lean(pair_counts, lean(np.bincount(numbers, minlength=27), 1 / 27))  # small model
P = lean(triple_counts, Q)  # P[a, b, c]: the large model's chance of c after a, b


def drawn(p, rng):
    """One index from each row of probabilities."""
    u = rng.random((len(p), 1)) * p.sum(-1, keepdims=True)
    return np.minimum((p.cumsum(-1) < u).sum(-1), p.shape[-1] - 1)


def write_ahead(n, want, k, rng, start="th"):
    """n texts of at least `want` letters with k guesses a look; also the looks taken."""
    text = np.zeros((n, 2 + want + k + 1), int)
    text[:, :2] = [ALPHABET.index(c) for c in start]
    end, looks, every = np.full(n, 2), np.zeros(text.shape, int), np.arange(n)
    for look in range(want):
        alive = end < 2 + want
        for i in range(k + 1):
            p, q = (
                P[text[every, end - 2], text[every, end - 1]],
                Q[text[every, end - 1]],
            )
            guess = drawn(q, rng) if i < k else drawn(p, rng)
            ok = (i == k) | (rng.random(n) * q[every, guess] <= p[every, guess])
            letter = np.where(ok, guess, drawn(np.maximum(p - q, 0) + 1e-300, rng))
            text[every[alive], end[alive]] = letter[alive]
            looks[every[alive], end[alive]] = look
            end, alive = end + alive, alive & ok & (end + 1 < text.shape[1])
    return text[:, 2 : 2 + want], looks[:, 2 : 2 + want]


rng = np.random.default_rng(0)
ahead, ahead_looks = write_ahead(40_000, 3, 4, rng)
slow = write_ahead(40_000, 3, 0, rng)[0]
long_ahead, long_looks = write_ahead(400, 40, 4, rng)
letters_a_look = 40 / (1 + long_looks[:, -1])
three_number = lambda text: text @ np.array([729, 27, 1])
t, h = ALPHABET.index("t"), ALPHABET.index("h")
three_exact = np.einsum("a,ab,abc->abc", P[t, h], P[h], P).ravel()  # (19683,)

# %% tags=["picture"] mystnb={"image": {"alt": "Above, forty letters written by guessing ahead, shaded by the look of the large model that they came from: about sixteen looks instead of forty. Below, how often each three-letter text occurs against its exact probability, for the slow and for the quick way: both clouds lie on the diagonal and on each other."}}
fig, (strip, cloud) = plt.subplots(
    2, 1, figsize=(6.8, 4.4), gridspec_kw={"height_ratios": [1, 4]}
)
shown = int(np.argmin(abs(letters_a_look - letters_a_look.mean())))
for i, (c, look) in enumerate(zip(spell(long_ahead[shown]), long_looks[shown])):
    colour = ("#CFE8F5", "#F8E3B8")[look % 2]
    strip.add_patch(plt.Rectangle((i, 0), 1, 1, color=colour))
    strip.text(i + 0.5, 0.5, c, family="monospace", ha="center", va="center")
strip.set(xlim=(0, 40), ylim=(0, 1))
strip.set_title(
    f"40 letters, {long_looks[shown, -1] + 1} looks (a new colour, a new look)"
)
strip.axis("off")
for text, colour, shape, name in (
    (slow, plot.GREY, "x", "a letter a look"),
    (ahead, plot.RED, ".", "guessing ahead"),
):
    often = np.bincount(three_number(text), minlength=27**3) / len(text)
    common = three_exact > 2e-4
    cloud.loglog(three_exact[common], often[common], shape, color=colour, label=name)
cloud.plot([2e-4, 0.3], [2e-4, 0.3], color="black", lw=0.8)
cloud.set(xlabel="probability under the large model", ylabel="share of 40,000 texts")
cloud.legend()
plt.show()

# %% [markdown]
r"""
Both models here are tables of letters counted in *Alice* {cite:p}`carroll1865`; what was never seen leans on the shorter table. The small one knows the last letter, the large one the last two. The quick way took two looks for five letters, and each common three-letter text comes as often as it does the slow way, but for chance. Nothing is worse: the two laws are *equal*, as you will [prove](#speculative-decoding).

**What does one more token cost?** We cut text into tokens, build today's block, and compute the same numbers with less memory and fewer looks. **What does one more token know?** We bend a model's distribution, see a model learn from the text before it, and end with losses that fall along a power law towards a floor that we know.

Four small worlds serve most of it: the tables of *Alice*; a reader of two layers, for texts in an invented language of four letters; a linear map of digits; and for the headline a source of 64 tokens whose entropy is known.

You will be able to

- **cut** any text into byte-pair tokens, and **compare** models whose tokens differ,
- **build** the block of today's models, and **count** what a token costs with it,
- **prove** that attention in blocks and speculative decoding change nothing,
- **derive** the best policy for a reward and a leash, and **see** a reward being over-optimised,
- **fit** a scaling law, and **test** it where it has not been fitted.

It builds on [attention and the block](#transformer-block) of chapter 10, on [entropy](#entropy) and [divergence](#kl-divergence), and for one section on [the SVD](#low-rank-approximation). Reading takes an hour and a quarter; logarithms are natural.
"""

# %% tags=["checks"]
common = three_exact * 40_000 >= 20
chi_square = [
    np.mean(
        (np.bincount(three_number(text), minlength=27**3) - 40_000 * three_exact)[
            common
        ]
        ** 2
        / (40_000 * three_exact * (1 - three_exact))[common]
    )
    for text in (slow, ahead)
]
verify(
    "squared misses of the common texts over the binomial variance: slow, and quick",
    chi_square,
    [1.0, 1.0],
    atol=4 * math.sqrt(2 / common.sum()),
)
verify_at_least("letters a look when guessing ahead", letters_a_look.mean(), 2.0)

# %% [markdown]
r"""
(byte-pair-encoding)=
## What is a token?

A model reads numbers, so a text must first be cut and its pieces numbered. [Chapter 10](#subword-tokenization) merged letters. Many of today's models start one floor lower, from the 256 *bytes* in which a computer stores any text: `é` is two bytes, a rabbit's emoji four. Then comes *byte-pair encoding* {cite:p}`gage1994,sennrich2016`: give the most frequent pair of neighbours a new number, 256, replace it everywhere, give the next one 257, and so on.

By hand, on `banana`: `an` and `na` come twice each, and the code takes `na`. Merged into X that is `baXX`, four tokens instead of six. To *encode* a new text, replay the merges in the order in which they were learnt; to *decode*, unfold them. No second half of a merge begins with a blank, so no token reaches across the beginning of a word.
"""


# %%
def merge(tokens, pair, new):  # a string, the character chr(n) for the token n
    return tokens.replace(chr(pair[0]) + chr(pair[1]), chr(new))


def characters(text):
    """The bytes of a text, each as one character."""
    return text.encode().decode("latin-1")


# %%
def learn_merges(text, n):
    tokens, pieces, merges = characters(text), [bytes([b]) for b in range(256)], []
    for new in range(256, 256 + n):
        pairs = Counter(zip(tokens, tokens[1:])).items()
        allowed = [(often, p) for p, often in pairs if pieces[ord(p[1])][:1] != b" "]
        a, b = map(ord, max(allowed)[1])
        merges.append((a, b))
        pieces.append(pieces[a] + pieces[b])
        tokens = merge(tokens, (a, b), new)
    return merges, pieces


# %%
def encode(text, merges):
    tokens = characters(text)
    for new, pair in enumerate(merges, 256):
        tokens = merge(tokens, pair, new)
    return [ord(c) for c in tokens]


def decode(tokens, pieces):
    return b"".join(pieces[t] for t in tokens).decode()


# %% tags=["set-up"]
many_merges, many_pieces = learn_merges(alice, 1200)
merges, pieces = many_merges[:200], many_pieces[:456]
stages = [0, 100, 200, 400, 800, 1200]
print("learnt first:", *[pieces[256 + i].decode().replace(" ", "␣") for i in range(14)])
print("learnt last: ", *[pieces[447 + i].decode().replace(" ", "␣") for i in range(9)])
print("new text:    ", end="")
for token in encode(alice_new[:44], merges):
    print(pieces[token].decode().replace(" ", "␣"), end="|")
print()

# %% [markdown]
r"""
(bits-per-byte)=
**Is a larger vocabulary better?** Let a model judge that knows only how frequent each token is. The fair unit is the letter (or byte): the surprise of the whole text, divided by its letters. We count on one chapter, with half a count extra for every token, and judge on the beginning of the next. As control, the same two texts with their letters shuffled.
"""


# %%
def surprise(text, new_text, merges, vocabulary, extra=0.5):
    """Nats per token and per letter of the new text, from frequencies in the first."""
    counts = np.bincount(encode(text, merges), minlength=vocabulary) + extra
    tokens = encode(new_text, merges)
    nats = -np.log(counts / counts.sum())[tokens]
    return nats.mean(), nats.sum() / len(new_text)


# %% tags=["set-up"]
shuffler = np.random.default_rng(1)
shuffled = ["".join(shuffler.permutation(list(text))) for text in (alice, alice_new)]
shuffled_merges = learn_merges(shuffled[0], 100)[0]
by_stage = np.array(
    [surprise(alice, alice_new, many_merges[:n], 256 + n) for n in stages]
)
control_stage = {
    n: surprise(*shuffled, shuffled_merges[:n], 256 + n)[1] for n in (0, 100)
}
tokens_needed = [len(encode(alice_new, many_merges[:n])) for n in stages]
print("merges   tokens of the new text   nats a token   nats a letter   shuffled")
for i, n in enumerate(stages):
    control = f"{control_stage[n]:11.2f}" if n in control_stage else ""
    print(
        f"{n:6}{tokens_needed[i]:18,}{by_stage[i, 0]:19.2f}{by_stage[i, 1]:16.2f}{control}"
    )

# %% [markdown]
r"""
A token gets harder to guess, a letter easier: pieces know their own letters. But the gain fades: from 800 merges to 1,200, where the pairs merged come only once in this short chapter, this judge, who adds a half to each count, sees nothing won. In shuffled letters a hundred merges make it worse.
"""

# %% tags=["checks"]
strange = "Alice’s naïve 🐇 said: “oh dear!”\n\tthe the"
verify(
    "a text never seen, with an emoji: stages at which decoding gives it back",
    sum(
        decode(encode(strange + alice_new, merges[:n]), pieces) == strange + alice_new
        for n in stages[:3]
    ),
    3,
)


verify(
    "the last 400 of 1,200 merges: tokens that they save on the text they were learnt on",
    len(encode(alice, many_merges[:800])) - len(encode(alice, many_merges)),
    400,
)


def encode_words(text, merges):
    """Another way: words apart, the earliest merge first, on strings of bytes."""
    rank, out = {(pieces[a], pieces[b]): i for i, (a, b) in enumerate(merges)}, []
    for word in text.replace(" ", "\0 ").split("\0"):
        parts = [bytes([b]) for b in word.encode()]
        while len(parts) > 1:
            ranks = [rank.get(p, 10**9) for p in zip(parts, parts[1:])]
            i = int(np.argmin(ranks))
            if ranks[i] == 10**9:
                break
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
        out += parts
    return out


other_way, tokens_new = encode_words(alice_new, merges), encode(alice_new, merges)
verify(
    "pieces that also come out word by word, earliest merge first, on strings of bytes",
    sum(pieces[t] == piece for t, piece in zip(tokens_new, other_way, strict=True)),
    len(other_way),
)
letter_counts = np.bincount(list(alice.encode()), minlength=256) + 0.5
verify(
    "no merges: nats a letter, from the letters of the new text counted by hand",
    by_stage[0, 1],
    -sum(
        alice_new.count(c) * math.log(letter_counts[ord(c)] / letter_counts.sum())
        for c in ALPHABET
    )
    / len(alice_new),
)
verify_at_least(
    "nats a token: each stage less the one before", np.diff(by_stage[:, 0]), 0
)
verify_at_least(
    "nats a letter: saved by 100 merges; added by them in shuffled letters",
    [by_stage[0, 1] - by_stage[1, 1], control_stage[100] - control_stage[0]],
    [0.3, 0.0],
)
verify_at_most(
    "… saved from 800 merges to 1,200, over what those from 400 to 800 saved",
    (by_stage[4, 1] - by_stage[5, 1]) / (by_stage[3, 1] - by_stage[4, 1]),
    0.25,
)

# %% [markdown]
r"""
**Try it.** Give merges after which `abababab` is a single token, as few as possible. A pair of bytes is written `(97, 98)`; the first new token is 256.
"""

# %% tags=["yours"]
few_merges = ...  # a list of pairs of numbers

exercise("lm-merges").check(few_merges)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Each merge at best halves the number of tokens: 8, 4, 2, 1.

```python
few_merges = [(97, 98), (256, 256), (257, 257)]
```

</details>
"""

# %% [markdown]
r"""
(leaner-block)=
## A leaner block

A [transformer block](#transformer-block) of 2017 and one of today differ in a few places, each a few lines of code.

(rmsnorm)=
**A norm without a mean.** The layer norm subtracts the mean of the coordinates and divides by their spread. *RMSNorm* {cite:p}`zhang2019rms` only divides,

$$
\operatorname{RMS}(x)=\sqrt{\tfrac1d\sum_ix_i^2+\epsilon},\qquad \mathrm{RMSNorm}(x)=g\odot\frac x{\operatorname{RMS}(x)} .
$$ (eq-lm-rms)

By hand, with $g=1$: $(1,7)$ has mean square 25 and becomes $(0.2,1.4)$. The layer norm sends it to $(-1,1)$, and $(3,9)$ too. It is RMSNorm after centring, $\mathrm{LN}(x)=\mathrm{RMSNorm}(x-\bar x)$, and forgets the mean and the length; RMSNorm forgets only the length (but for $\epsilon$).

(swiglu)=
**A gate for the MLP.** A hidden unit of the MLP is $\varphi(w^\top x)$. Let a second one be multiplied to it: *SwiGLU* {cite:p}`shazeer2020` is

$$
U\bigl(\mathrm{SiLU}(Wx)\odot Vx\bigr),\qquad\mathrm{SiLU}(z)=z\,\sigma(z),\quad\sigma(z)=\tfrac1{1+e^{-z}} .
$$ (eq-lm-swiglu)

It can multiply. Take two units with $\pm w$ in the gate and $\pm v$ beside it. Since $\sigma(z)+\sigma(-z)=1$, they give $\mathrm{SiLU}(z)u+\mathrm{SiLU}(-z)(-u)=zu\,(\sigma(z)+\sigma(-z))=zu$: a product, exactly, of any two linear functions of $x$. It has three matrices instead of two; with the hidden width $\frac83d$ instead of $4d$ the number of weights is the same, $8d^2$.

(rotary-again)=
**Places** enter by [rotation](#eq-tf-rotary), no table; the code writes pairs of coordinates as complex numbers.

(grouped-query-attention)=
**Shared keys.** When the model writes, it keeps the [keys and values](#kv-cache) of every token, for every head. *Grouped-query attention* {cite:p}`ainslie2023` lets $H$ query heads share $G$ sets of keys and values: head $h$ reads set $\lfloor hG/H\rfloor$. With $H=8$, $G=2$ the heads $0,\dots,3$ read set 0, the others set 1. The cache is $H/G$ times smaller.
"""


# %%
class RMSNorm(nn.Module):
    def __init__(self, d, eps=1e-6):
        super().__init__()
        self.gain, self.eps = nn.Parameter(torch.ones(d)), eps

    def forward(self, x):
        return self.gain * x * (x.pow(2).mean(-1, keepdim=True) + self.eps).rsqrt()


# %%
class SwiGLU(nn.Module):
    def __init__(self, d, m):
        super().__init__()
        self.W, self.V, self.U = linear(d, m), linear(d, m), linear(m, d)

    def forward(self, x):
        return self.U(F.silu(self.W(x)) * self.V(x))


# %% tags=["set-up"]
def linear(inputs, outputs):
    return nn.Linear(inputs, outputs, bias=False)


# %%
def rotate(x, start=0, base=100.0):  # x (..., t, w); the first token stands at start
    t, w = x.shape[-2:]
    omega = base ** (-torch.arange(0, w, 2, dtype=torch.float64) / w)
    angle = torch.arange(start, start + t)[:, None] * omega  # (t, w/2)
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    turn = torch.polar(torch.ones_like(angle), angle).to(pairs.dtype)
    return torch.view_as_real(pairs * turn).flatten(-2)


def attention(q, k, v, mask):  # mask: true where one may look
    S = q / math.sqrt(q.shape[-1]) @ k.mT + torch.where(mask, 0.0, -torch.inf)
    W = S.softmax(-1)
    return W @ v, W


# %% [markdown]
r"""
From here to the whole model: `roles` makes queries, keys and values; `attend` appends the new ones to the cache, and mixes; `read` runs all layers.
"""


# %%
class Attention(nn.Module):
    def __init__(self, d, heads, groups):
        super().__init__()
        self.heads, self.groups, w = heads, groups, d // heads
        self.q, self.out = linear(d, d), linear(d, d)
        self.k, self.v = linear(d, groups * w), linear(d, groups * w)

    def roles(self, x, start=0):  # (batch, t, d) to (batch, heads or groups, t, w)
        part = lambda y, n: y.unflatten(-1, (n, -1)).transpose(1, 2)
        q, k = part(self.q(x), self.heads), part(self.k(x), self.groups)
        return rotate(q, start), rotate(k, start), part(self.v(x), self.groups)


# %%
def attend(layer, x, cache=None):  # cache: keys and values of the past
    start = cache[0].shape[2] if cache else 0
    q, k, v = layer.roles(x, start)
    if cache:
        k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
    asks = torch.arange(start, k.shape[2])[:, None]
    mask = torch.arange(k.shape[2]) <= asks  # (t, past + t)
    share = lambda y: y.repeat_interleave(layer.heads // layer.groups, 1)
    y, W = attention(q, share(k), share(v), mask)
    layer.W_seen = W.detach()  # (batch, heads, t, past + t), to look at
    return layer.out(y.transpose(1, 2).flatten(2)), (k, v)


# %%
def read(model, tokens, cache=None):
    """Logits, and the cache after these tokens."""
    x, kept = model.embed(tokens), []  # (batch, t, d)
    for i, layer in enumerate(model.attn):
        y, now = attend(layer, model.norms[i](x), cache and cache[i])
        x = x + y
        x = x + model.mlp[i](model.norms2[i](x))
        kept.append(now)
    return model.head(model.norm(x)), kept


# %%
class LM(nn.Module):
    def __init__(self, vocab, d, heads, groups, layers, m):
        super().__init__()
        self.embed, self.head = nn.Embedding(vocab, d), linear(d, vocab)
        parts = lambda make: nn.ModuleList(make() for _ in range(layers))
        self.attn = parts(lambda: Attention(d, heads, groups))
        self.mlp = parts(lambda: SwiGLU(d, m))
        self.norms, self.norm = parts(lambda: RMSNorm(d)), RMSNorm(d)
        self.norms2 = parts(lambda: RMSNorm(d))

    def forward(self, tokens, cache=None):  # (batch, t) to logits (batch, t, vocab)
        return read(self, tokens, cache)[0]


# %% [markdown]
r"""
**Does the gate pay?** Ask two layers, one gated and one not, for a target made of products, $x_1x_2+x_3x_4+x_5x_6$. Then, as control, for six smooth bends $\log\cosh(2a^\top x)$.

Both have about as many weights, inputs that RMSNorm has scaled, biases (a seventh input, always 1), the same steps, and the best of five rates by the validation loss of two seeds; three other seeds report (± is their standard deviation).
"""


# %% tags=["set-up"]
def gate_race(gated, target, rates=(0.01, 0.03, 0.1, 0.3, 1.0), seeds=5, steps=250):
    """Test error over the target's variance; two seeds choose the rate, three report."""
    runs, d, m = len(rates) * seeds, 6, 19 if gated else 36
    g = torch.Generator().manual_seed(0)
    shapes = [(d + 1, m)] * (2 if gated else 1) + [(m, 1)]
    W = [torch.randn(runs, *s, generator=g) / s[0] ** 0.5 for s in shapes]
    W = [w.requires_grad_() for w in W]
    moments = [[torch.zeros_like(w), torch.zeros_like(w)] for w in W]
    eta = torch.tensor(rates).repeat_interleave(seeds)[:, None, None]

    def out(x):
        x = F.pad(x, (0, 1), value=1.0)
        hidden = F.silu(x @ W[0]) * (x @ W[1]) if gated else F.gelu(x @ W[0])
        return (hidden @ W[-1]).sum(-1)

    for t in range(1, steps + 1):
        x = F.rms_norm(torch.randn(64, d, generator=g), (d,))
        loss = ((out(x) - target(x)) ** 2).mean(1).sum()
        for w, grad, (a, b) in zip(W, torch.autograd.grad(loss, W), moments):
            a.mul_(0.9).add_(0.1 * grad)
            b.mul_(0.99).add_(0.01 * grad**2)
            step = a / (1 - 0.9**t) / ((b / (1 - 0.99**t)).sqrt() + 1e-8)
            w.data -= eta * (1 - t / steps) * step
    with torch.no_grad():
        x = F.rms_norm(torch.randn(2, 2000, d, generator=g), (d,))
        error = [
            ((out(y) - target(y)) ** 2).mean(1).view(-1, seeds) / target(y).var()
            for y in x
        ]
    best = int(error[0][:, :2].mean(1).argmin())
    return error[1][best, 2:].numpy(), best


bends_at = torch.randn(6, 6, generator=torch.Generator().manual_seed(5))
targets = {
    "products": lambda x: (x[:, 0::2] * x[:, 1::2]).sum(1),
    "smooth bends": lambda x: torch.log(torch.cosh(2 * x @ bends_at)).sum(1),
}
gates = {
    (name, gated): gate_race(gated, target)
    for name, target in targets.items()
    for gated in (False, True)
}
print("error over variance    GELU, 288 weights     SwiGLU, 285 weights")
for name in targets:
    row = [gates[name, gated][0] for gated in (False, True)]
    print(
        f"{name:16}" + "".join(f"{e.mean():14.4f} ± {e.std(ddof=1):.4f}" for e in row)
    )

# %% [markdown]
r"""
Products come out some three times better with a gate, smooth bends more than ten times worse. The gated layer is made of products. It can bend too, where $Vx$ is constant, but has 19 units against 36; whether that or the few steps cost it the bends is not tested. On text {cite:t}`shazeer2020` found a small gain over GELU.
"""

# %% tags=["checks"]
x = normal(5, 8, seed=1).requires_grad_()
verify(
    "RMSNorm: torch's; layer norm: torch's, from the centred copy",
    torch.stack([RMSNorm(8)(x), RMSNorm(8)(x - x.mean(-1, keepdim=True))]),
    torch.stack([nn.RMSNorm(8, eps=1e-6).double()(x), F.layer_norm(x, (8,), eps=1e-6)]),
    atol=1e-12,
)
J = torch.autograd.functional.jacobian(RMSNorm(8, 0.0).double(), x[0])
verify("derivative of RMSNorm along its input", J @ x[0], np.zeros(8), atol=1e-12)
torch.manual_seed(0)
pick = SwiGLU(2, 2).double()
with torch.no_grad():
    pick.W.weight[:] = torch.tensor([[1.0, 0], [-1, 0]])
    pick.V.weight[:] = torch.tensor([[0.0, 1], [0, -1]])
    pick.U.weight[:] = 1.0
    spots = 3 * normal(50, 2, seed=2)
    verify("two gated units: a product", pick(spots)[:, 0], spots.prod(1), atol=1e-12)
    many, few = Attention(32, 8, 8).double(), Attention(32, 8, 2).double()
    for a, b in ((many.k, few.k), (many.v, few.v)):
        tied = b.weight.view(2, 1, 4, 32).expand(2, 4, 4, 32)
        a.weight.copy_(tied.reshape(32, 32))
    many.q, many.out = few.q, few.out
    x8 = normal(2, 7, 32)
    verify(
        "grouped queries: multi-head attention with the keys and values of a group tied",
        attend(few, x8)[0],
        attend(many, x8)[0],
        atol=1e-12,
    )
    q, k, v = few.roles(x8)
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    verify(
        "… torch's enable_gqa",
        attend(few, x8)[0],
        few.out(y.transpose(1, 2).flatten(2)),
        atol=1e-12,
    )
verify(
    "entries of the cache for a token: all heads, over two groups",
    sum(a[0, :, 0].numel() for a in attend(many, x8)[1])
    / sum(a[0, :, 0].numel() for a in attend(few, x8)[1]),
    8 / 2,
)
errors_of = {key: value[0] for key, value in gates.items()}
verify_at_most(
    "products: mean error with a gate, over that without",
    errors_of["products", True].mean() / errors_of["products", False].mean(),
    0.5,
)
verify_at_most(
    "smooth bends: mean error without, over that with",
    errors_of["smooth bends", False].mean() / errors_of["smooth bends", True].mean(),
    0.1,
)
verify(
    "chosen rates on an edge of the grid",
    sum(v[1] in (0, 4) for v in gates.values()),
    0,
)

# %% [markdown]
r"""
**Try it.** How many weights have the two attention maps and the SwiGLU of one block of width $d$, with $H$ heads, $G$ groups and hidden width $m$? (No gains.)
"""

# %% tags=["yours"]
block_weights = ...  # a function of d, H, G, m

exercise("lm-weights").check(block_weights)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Queries and output $2d^2$, keys and values $2d\cdot dG/H$, and three matrices $d\times m$.

```python
def block_weights(d, H, G, m):
    return 2 * d**2 + 2 * d * d * G // H + 3 * d * m
```

</details>
"""

# %% [markdown]
r"""
(decoding-cost)=
## What does one more token cost?

A model that writes pays for every token anew. Let a text of $t$ tokens stand already, $N$ be the number of weights in the matrices (the table of embeddings is only looked up), and $d$ the width of a token. Every weight is used once, for one multiplication and one addition. In each of the $L$ layers the token's queries meet $t+1$ keys, $2d(t+1)$ operations, and as many values, again $2d(t+1)$:

$$
\text{operations for one more token}=2N+4Ld\,(t+1) .
$$ (eq-lm-cost)

That is with the [cache of chapter 10](#kv-cache), which keeps $2L\frac GHd$ numbers a token. Without it the whole text is read again, and each of its $t+1$ tokens pays. By hand, for our own model with $L=2$, $d=32$, $N=12\text{,}416$: the fortieth token costs $24\text{,}832+10\text{,}240$ operations with a cache, forty times as much without (our code also computes what the mask hides).

Our own model, the *reader*, has four query heads over two sets of keys. It has been trained (folded; [In practice](#lm-practice) has a loop) on texts of 41 letters, each with its own habits of what follows what; [later](#in-context-markov) we ask what it has learnt.
"""

# %% tags=["set-up"]
LETTERS, PLACES, PRIOR = 4, 40, 0.3


def machine_texts(n, seed):
    """n texts of 41 letters; each has a table of its own, rows from Dirichlet(0.3)."""
    rng = np.random.default_rng(seed)
    table = rng.dirichlet([PRIOR] * LETTERS, (n, LETTERS))
    text, every = np.zeros((n, PLACES + 1), int), np.arange(n)
    text[:, 0] = rng.integers(LETTERS, size=n)
    for t in range(PLACES):
        text[:, t + 1] = drawn(table[every, text[:, t]], rng)
    return torch.tensor(text)


train_texts, test_texts = machine_texts(6000, 1), machine_texts(1000, 2)


def train_reader(layers, d=32, m=32, seed=0, steps=160, lr=0.01):
    torch.manual_seed(seed)
    model = LM(LETTERS, d, 4, 2, layers, m)
    optimizer = torch.optim.Adam(model.parameters(), lr, (0.9, 0.98), fused=True)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = lr * min(1, step / 20) * (1 - step / steps)
        x = train_texts[torch.randint(len(train_texts), (32,))]
        z = model(x[:, :-1])
        loss = F.cross_entropy(z.flatten(0, 1), x[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


reader = train_reader(layers=2)


# %%
def operations(N, L, d, t):
    """For one more token after t others, with a cache."""
    return 2 * N + 4 * L * d * (t + 1)


def operations_without(N, L, d, t):
    return 2 * N * (t + 1) + 4 * L * d * (t + 1) ** 2


# %% tags=["set-up"]
from torch.utils.flop_counter import FlopCounterMode


def counted(f):
    """What f returns, and the operations of matrix products that torch counts in it."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        out = f()
    return out, counter.get_total_flops()


matrix_weights = sum(
    w.numel()
    for name, w in reader.named_parameters()
    if w.ndim == 2 and name != "embed.weight"
)
one_text, cache, stepwise = test_texts[:1], None, []
with torch.no_grad():
    for t in range(PLACES):
        z, cache = read(reader, one_text[:, t : t + 1], cache)
        stepwise.append(z)
cost, counted_at = {"cache": [], "anew": []}, np.array([0, 9, 39])
for t in counted_at:
    past = tuple((k[:, :, :t], v[:, :, :t]) for k, v in cache) if t else None
    cost["cache"].append(counted(lambda: read(reader, one_text[:, t : t + 1], past))[1])
    cost["anew"].append(counted(lambda: reader(one_text[:, : t + 1]))[1])
print("token      with a cache     read anew     ratio")
for t, a, b in zip(counted_at, *cost.values()):
    print(f"{t + 1:5}{a:18,}{b:14,}{b / a:10.0f}")

# %% [markdown]
r"""
(arithmetic-intensity)=
**Operations are not the whole price.** Before a weight can be multiplied it must be fetched from memory. An A100, by its data sheet {cite:p}`nvidia2021`, could do some three hundred operations while one number of two bytes arrives.

What does a model offer it? If one token goes through, each weight is fetched for two operations; if $k$ go through together, for $2k$. This is the *arithmetic intensity* {cite:p}`williams2009`, here counted per number fetched (data sheets count per byte).

So writing the next token waits for memory, and *looking at five tokens should cost hardly more than looking at one*, as long as the multiplier is idle.

The curves count the cache too; in long texts, sharing it among eight heads raises them.
"""


# %%
def intensity(N, L, d, t, k, kept=0.5):  # kept = G/H, the share of the cache
    work = k * operations(N, L, d, t + k - 1)  # the masked pairs are computed too
    fetched = N + 2 * L * kept * d * (t + k)  # every weight once, and the cache
    return work / fetched


# %% tags=["picture"]
def prices(tokens_at_once):
    fig, ax = plt.subplots(figsize=(6.8, 2.9))
    L, d = 32, 4096
    N, t = 12 * L * d**2, np.geomspace(1, 1e5, 60)
    for kept, colour in ((1, plot.BLUE), (1 / 8, plot.RED)):
        share = [intensity(N, L, d, n, tokens_at_once, kept) for n in t]
        sets = "each head" if kept == 1 else "eight heads"
        ax.loglog(t, share, color=colour, label=f"keys and values: a set for {sets}")
    ax.axhline(312 / (2 / 2), color=plot.GREY, ls=":")
    ax.text(1, 350, "an A100 by its data sheet, numbers of two bytes", color=plot.GREY)
    ax.set(ylim=(0.5, 5000), xlabel="tokens in the text", ylabel="operations / number")
    ax.set_title(f"tokens that go through together: {tokens_at_once}")
    ax.minorticks_off()
    ax.legend(loc="upper right", fontsize=9)
    return fig


explore(
    prices,
    alt="Operations per number fetched against the length of the text, for a model of 32 layers: two for one token at a time, up to seven for long texts with shared keys, far below the dotted line; it grows with the number of tokens that go through together",
    tokens_at_once=[1, 5, 100],
)

# %% tags=["checks"]
t = counted_at
verify(
    "operations with a cache and without, tokens 1, 10 and 40: torch's count",
    np.array(
        [
            operations(matrix_weights, 2, 32, t),
            operations_without(matrix_weights, 2, 32, t),
        ]
    ),
    np.array([cost["cache"], cost["anew"]]),
)
with torch.no_grad():
    verify(
        "logits token by token: those of one pass over the text",
        torch.cat(stepwise, 1),
        reader(one_text[:, :PLACES]),
        atol=1e-4,
    )
    half = read(reader, one_text[:, :17])[1]
    verify(
        "… and with the cache of 17, the other 23 at once",
        read(reader, one_text[:, 17:PLACES], half)[0],
        torch.cat(stepwise, 1)[:, 17:],
        atol=1e-4,
    )
verify(
    "numbers kept for 40 tokens",
    sum(a.numel() for layer in cache for a in layer),
    2 * 2 * 32 * 2 // 4 * PLACES,
)
bytes_of = lambda tensors: sum(a.numel() for a in tensors)
moved = bytes_of(
    w for n, w in reader.named_parameters() if w.ndim == 2 and n != "embed.weight"
)
flops_five = counted(lambda: read(reader, one_text[:, 17:22], half))[1]
verify(
    "five tokens after seventeen: operations counted, over weights and cache entries",
    flops_five
    / (moved + bytes_of(a for l in read(reader, one_text[:, :22])[1] for a in l)),
    intensity(matrix_weights, 2, 32, 17, 5),
    rtol=1e-12,
)

# %% [markdown]
r"""
**Try it.** A model has 32 layers, 32 query heads of width 128 over 8 sets of keys and values, and keeps each number in two bytes. How many bytes does the cache take for a text of $T$ tokens?
"""

# %% tags=["yours"]
cache_bytes = ...  # a function of T

exercise("lm-cache").check(cache_bytes)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Keys and values, 32 layers, 8 sets of 128 numbers, two bytes each: 131,072 bytes a token.

```python
cache_bytes = lambda T: 2 * 32 * 8 * 128 * 2 * T
```

</details>
"""

# %% [markdown]
r"""
(online-softmax)=
## The same numbers, in blocks

Attention has a second bill. The scores of $T$ tokens with $T$ tokens are a matrix of $T^2$ numbers: for 100,000 tokens ten thousand million, for each head, only to form means. Could a mean be formed while the values stream by? The trouble is the softmax: its denominator is known at the end only, and so is the *largest* score, without whose subtraction $e^{s}$ overflows.

Keep three things for each query: the largest score so far $m$, the sum $\ell=\sum_je^{s_j-m}$, and the mean $y$ so far. When a score $s$ with value $v$ arrives,

$$
m'=\max(m,s),\qquad \ell'=\ell\,e^{m-m'}+e^{s-m'},\qquad y'=\frac{\ell\,e^{m-m'}\,y+e^{s-m'}\,v}{\ell'} .
$$ (eq-lm-online)

By hand: scores $\log1,\log3,\log4$, values $8,0,4$. First $m=\log1$, $\ell=1$, $y=8$. The second score is larger: what we have shrinks by $e^{\log1-\log3}=\frac13$, so $\ell=\frac43$ and $y=\frac{8/3+0}{4/3}=2$. The third: $\ell=\frac43\cdot\frac34+1=2$, $y=\frac{1\cdot2+1\cdot4}2=3$. And the softmax $(\frac18,\frac38,\frac48)$ gives $1+0+2=3$.

Why is it right? After $n$ scores $\ell=\sum_{j\le n}e^{s_j-m}$ and $\ell\,y=\sum_{j\le n}e^{s_j-m}v_j$, by definition. Multiplying both by $e^{m-m'}$ replaces $m$ by $m'$ in every term, and the new term completes the sums. No exponent is ever positive, so nothing overflows {cite:p}`milakov2018`.

(flash-attention)=
**In blocks.** Two partial results $(m,\ell,y)$ of disjoint sets of tokens combine by the same rule, both sides shrunk to the larger $m$. *FlashAttention* {cite:p}`dao2022` walks over blocks of keys that fit the processor's small fast memory, and never stores the matrix. The numbers are the same up to rounding, for memory that grows with $T$ instead of $T^2$.
"""


# %%
def attention_in_blocks(q, k, v, block):  # causal; q, k, v (T, d)
    T, d = q.shape
    m, l, y = torch.full((T, 1), -torch.inf).to(q), torch.zeros(T, 1).to(q), 0 * v
    for j in range(0, T, block):
        here = slice(j, j + block)
        s = q[j:] @ k[here].T / math.sqrt(d)  # (T − j, block): earlier rows see nothing
        s = s.masked_fill(
            torch.arange(T)[here] > torch.arange(j, T)[:, None], -torch.inf
        )
        m_new = torch.maximum(m[j:], s.amax(1, keepdim=True))
        shrink, e = (m[j:] - m_new).exp(), (s - m_new).exp()
        l_new = l[j:] * shrink + e.sum(1, keepdim=True)
        y[j:] = (l[j:] * shrink * y[j:] + e @ v[here]) / l_new
        m[j:], l[j:] = m_new, l_new
    return y


# %% [markdown]
r"""
One query at work on sixteen scores in blocks of four. Grey: the full softmax; blue: that *of what was seen*; dashed: the mean so far.
"""

# %% tags=["picture"]
stream_scores = 1.6 * normal(16, seed=9).numpy() + np.linspace(-1, 1, 16)
stream_values = np.sin(np.arange(16) / 2.2)


def stream(blocks_seen):
    n = 4 * blocks_seen
    fig, (top, below) = plt.subplots(2, 1, figsize=(6.8, 3.6), sharex=True)
    full = np.exp(stream_scores - stream_scores.max())
    seen = np.exp(stream_scores[:n] - stream_scores[:n].max())
    top.bar(range(16), full / full.sum(), color="#DDDDDD", width=0.9)
    top.bar(range(n), seen / seen.sum(), color=plot.BLUE, width=0.5)
    top.set(ylabel="weight", ylim=(0, 0.75))
    top.set_title(
        f"m = {stream_scores[:n].max():.2f},  ℓ = {seen.sum():.2f},  y = "
        f"{seen @ stream_values[:n] / seen.sum():.3f}".replace("-", "−")
    )
    below.plot(stream_values, "o", color="#CCCCCC")
    below.plot(stream_values[:n], "o", color=plot.BLUE)
    below.axhline(seen @ stream_values[:n] / seen.sum(), color=plot.RED, ls="--")
    below.set(ylabel="value", xlabel="token", ylim=(-1.3, 1.3))
    return fig


explore(
    stream,
    alt="Bars of weights over sixteen tokens that arrive in four blocks, and their mean: the weights seen so far always sum to one and end at the full softmax",
    blocks_seen=[1, 2, 3, 4],
)

# %% [markdown]
r"""
A spy notes the size of every tensor that torch creates while the two ways run.
"""

# %% tags=["set-up"]
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten


class Largest(TorchDispatchMode):
    """Notes how many numbers the largest tensor made inside has."""

    def __enter__(self):
        self.numbers = 0
        return super().__enter__()

    def __torch_dispatch__(self, f, types, args=(), kwargs=None):
        out = f(*args, **(kwargs or {}))
        made = [a.numel() for a in tree_flatten(out)[0] if isinstance(a, torch.Tensor)]
        self.numbers = max([self.numbers, *made])
        return out


def whole_attention(q, k, v):
    T = len(q)
    return attention(q, k, v, torch.ones(T, T, dtype=torch.bool).tril())[0]


spied = {}
print("tokens     largest tensor: whole     in blocks of 32")
for T in (64, 256, 1024):
    roles = [normal(T, 16, seed=s) for s in range(3)]
    with Largest() as spy_whole:
        whole_attention(*roles)
    with Largest() as spy_blocks:
        attention_in_blocks(*roles, 32)
    spied[T] = spy_whole.numbers, spy_blocks.numbers
    print(f"{T:6}{spied[T][0]:22,}{spied[T][1]:19,}")

# %% tags=["checks"]
verify(
    "largest tensor, whole and in blocks: T², and 32 T",
    np.array(list(spied.values())),
    np.array([[T**2, 32 * T] for T in spied]),
)
big = [100 * normal(77, 8, seed=1), normal(77, 8, seed=2), normal(77, 8, seed=3)]
verify(
    "in blocks of 1, 7, 32 and 100: F.scaled_dot_product_attention, scores in the hundreds",
    torch.stack([attention_in_blocks(*big, block) for block in (1, 7, 32, 100)]),
    F.scaled_dot_product_attention(*big, is_causal=True).expand(4, 77, 8),
    atol=1e-12,
)
m, l, y = -math.inf, 0.0, 0.0
for s, value in zip([1000 + math.log(w) for w in (1, 3, 4)], (8, 0, 4)):
    m, before = max(m, s), m
    l, old = l * math.exp(before - m) + math.exp(s - m), l * math.exp(before - m)
    y = (old * y + math.exp(s - m) * value) / l
verify("the example by hand, all scores 1,000 higher: ℓ and y", [l, y], [2.0, 3.0])

# %% [markdown]
r"""
**Try it.** Two processors have seen different tokens and hold $(m,\ell,y)$ each. Combine them. ($y$ is a number here.)
"""

# %% tags=["yours"]
combine = ...  # a function of two triples (m, l, y) that returns one

exercise("lm-combine").check(combine)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
def combine(a, b):
    m = max(a[0], b[0])
    la, lb = a[1] * math.exp(a[0] - m), b[1] * math.exp(b[0] - m)
    return m, la + lb, (la * a[2] + lb * b[2]) / (la + lb)
```

</details>
"""

# %% [markdown]
r"""
(truncated-sampling)=
## Which token to draw?

To take the likeliest letter each time goes in circles: our large model writes `the was and the was an` ([a beam of one](#beam-search)). To draw from everything one fears the tail: with one bad letter in a hundred, a text of a hundred stays clean with probability $0.99^{100}=0.37$, and nothing written is taken back. So many rules cut the tail off. What do they write instead? For the large model of the opening, asked to go on after `th`, the *exact* law can be computed.

[Temperature](#kv-cache) makes $p$ into $p^{1/\tau}/Z$. *Top-k* keeps the $k$ likeliest tokens. *Top-p*, or nucleus, sampling {cite:p}`holtzman2020` keeps the *fewest likeliest tokens that together have at least the mass $\varrho$*: many where the model hesitates, few where it is sure. What is kept is rescaled. By hand, $p=(0.5,0.3,0.15,0.05)$: top-2 gives $(0.625,0.375)$. A nucleus of $0.7$ keeps two tokens, one of $0.8$ also two, one of $0.81$ three.
"""


# %%
def tempered(p, tau):
    p = p ** (1 / tau)
    return p / p.sum(-1, keepdims=True)


def top_k(p, k):
    kept = np.where(p >= np.sort(p, -1)[..., -k, None], p, 0)
    return kept / kept.sum(-1, keepdims=True)


# %%
def top_p(p, mass):
    order = np.argsort(-p, -1, kind="stable")
    sorted_p = np.take_along_axis(p, order, -1)
    before = sorted_p.cumsum(-1) - sorted_p  # mass of the likelier ones
    kept = np.where(before < mass - 1e-12, sorted_p, 0)
    kept = np.take_along_axis(kept, np.argsort(order, -1, kind="stable"), -1)
    return kept / kept.sum(-1, keepdims=True)


# %% [markdown]
r"""
The law of a text of three letters is the product of three rows, $27^3=19\text{,}683$ numbers. Its entropy says how varied the texts are, $\mathrm{KL}(\text{rule}\,\|\,\text{model})$ how far they are from the model's. The lost mass is the share of the model's texts that can no longer be written.
"""


# %%
def law_of_texts(rule):
    """Probability of every three-letter text after "th", (27, 27, 27)."""
    R = rule(P)
    return np.einsum("a,ab,abc->abc", R[t_h], R[t_h[1]], R)


def entropy(p):
    return (p[p > 0] * np.log(1 / p[p > 0])).sum()


# %% tags=["set-up"]
t_h = (ALPHABET.index("t"), ALPHABET.index("h"))
rules = {
    "as it is": lambda p: p,
    "temperature 0.67": lambda p: tempered(p, 0.67),
    "top-5": lambda p: top_k(p, 5),
    "top-p 0.85": lambda p: top_p(p, 0.85),
    "greedy": lambda p: top_k(p, 1),
}
laws = {name: law_of_texts(rule) for name, rule in rules.items()}
model_law = laws["as it is"]


def rule_report(law):
    """Entropy, divergence from the model, share of the model's mass that is lost."""
    on = law > 0
    return (
        entropy(law),
        (law[on] * np.log(law[on] / model_law[on])).sum(),
        model_law[~on].sum(),
    )


reports = {name: rule_report(law) for name, law in laws.items()}
print("rule               entropy    KL    lost mass   likeliest text")
for name, (H, kl, lost) in reports.items():
    likely = spell(np.unravel_index(laws[name].argmax(), laws[name].shape))
    print(f"{name:17}{H:9.2f}{kl:7.2f}{lost:11.2f}     th{likely}")
a, b, c = new_numbers[:-2], new_numbers[1:-1], new_numbers[2:]
in_tail = {}  # new text outside the k likeliest: the share expected, and each letter
for k in (3, 5, 8, 12):
    outside = (P[a, b] > P[a, b, c][:, None]).sum(1) >= k
    in_tail[k] = 1 - np.sort(P[a, b], -1)[:, -k:].sum(-1).mean(), outside
    print(f"new text outside the {k} likeliest: ", end="")
    print(f"{in_tail[k][0]:.3f} expected, {outside.mean():.3f} found", end="")
    print(f" ± {outside.std() / len(outside) ** 0.5:.3f}")

# %% [markdown]
r"""
Three of the rules are set to about the same entropy, 3.7 nats. Among these the temperature loses no text and stays nearest to the model. (Of all laws of one entropy $p^{1/\tau}/Z$ over *whole* texts is nearest; letter by letter is [not quite the same](#lm-beware).) Top-5 strays farthest of the three, and has another likeliest text.

But was the fear right? Outside its five likeliest letters the model expects 17 % of the beginning of the next chapter of *Alice*, and finds 19 %, more than two standard errors more (if letters count as independent). Outside the twelve likeliest likewise; at the other two cuts the excess is less than that.

At none of these cuts (each contains the next) is the tail too heavy; at two it looks too *thin*. The fear of a heavy tail finds no support here. Whether the right letters stand in it was not asked.

On the slider the nucleus grows with the temperature.
"""


# %% tags=["picture"]
def shown_rules(tau):
    fig, ax = plt.subplots(figsize=(6.8, 2.9))
    row = P[t_h[1], ALPHABET.index("e")]  # after "he"
    order = np.argsort(-row)[:14]
    nucleus = top_p(tempered(row, tau), 0.9)
    ax.bar(np.arange(14) - 0.2, tempered(row, tau)[order], 0.4, color=plot.BLUE)
    ax.bar(np.arange(14) + 0.2, nucleus[order], 0.4, color=plot.RED)
    ax.set(xticks=range(14), ylim=(0, 1), ylabel="probability")
    ax.set_xticklabels([ALPHABET[c].replace(" ", "␣") for c in order])
    ax.set_title(f"after he, τ = {tau:g}: blue tempered, red its nucleus of 0.9")
    return fig


explore(
    shown_rules,
    alt="Bars of the probabilities of the next letter after he, tempered, and beside them those that the nucleus keeps: one or two letters at low temperature, all fourteen shown at the highest",
    tau=[1.0, 0.3, 0.6, 4.0],
)


# %% tags=["checks"]
p4 = np.array([0.5, 0.3, 0.15, 0.05])
verify(
    "by hand: top-2, and nuclei of 0.7, 0.8 and 0.81",
    np.array([top_k(p4, 2), *(top_p(p4, mass) for mass in (0.7, 0.8, 0.81))]),
    np.array([[5 / 8, 3 / 8, 0, 0]] * 3 + [[10 / 19, 6 / 19, 3 / 19, 0]]),
    atol=1e-12,
)
rows = np.random.default_rng(4).dirichlet(np.full(27, 0.3), 200)
kept_rows = top_p(rows, 0.9) > 0
masses = np.where(kept_rows, rows, 0).sum(1)
smallest = np.where(kept_rows, rows, 1).min(1)
verify_at_least("200 random rows: mass of the nucleus", masses, 0.9)
verify_at_most("… without its smallest token", masses - smallest, 0.9)
verify_at_least(
    "new text outside the 3, 5, 8, 12 likeliest: found less expected, standard errors",
    [
        (found.mean() - expected) / (found.std() / len(found) ** 0.5)
        for expected, found in in_tail.values()
    ],
    [0, 2, 0, 2],
)
torch_rows = torch.tensor(P).log() / 0.7
verify(
    "tempered rows: softmax of the logarithms over τ",
    tempered(P, 0.7),
    torch_rows.softmax(-1),
    atol=1e-12,
)

# %% [markdown]
r"""
**Try it.** *Min-p* keeps the tokens whose probability is at least a share $s$ of the largest one. Guess first: with $s=0.1$ and 27 tokens, how much probability can it cut at worst? Then give this bound for $V$ tokens and any $s$.
"""

# %% tags=["yours"]
most_cut = ...  # a function of V and s

exercise("lm-min-p").check(most_cut)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A tenth is tempting, for no token that is cut has more than a tenth of the favourite's chance. But 26 of them may stand just below that, together $2.6$ favourites: they are $2.6/3.6$ of everything.

```python
most_cut = lambda V, s: (V - 1) * s / (1 + (V - 1) * s)

lost = np.where(P < 0.1 * P.max(-1, keepdims=True), P, 0).sum(-1)
print(f"27 tokens: {most_cut(27, 0.1):.2f}, worst of our rows {lost.max():.2f}")
print(f"50,000 tokens: {most_cut(50_000, 0.1):.4f}")
```

</details>
"""

# %% [markdown]
r"""
(speculative-decoding)=
## Guess ahead, and check

Looking at five letters may cost hardly more than [looking at one](#arithmetic-intensity), but the five must be there. So let a small model $q$ guess them, and let the large one judge. How must it judge so that the *law* of the text stays $p$ {cite:p}`leviathan2023,chen2023`?

Take one place and two letters, `a` and `b`, with $q=(0.8,0.2)$ and $p=(0.5,0.5)$. Keep a guess $c$ with probability $\min(1,p_c/q_c)$: `b` always, `a` in five of eight cases. Then `a` is written with probability $0.8\cdot\frac58=0.5$, as it should, `b` with $0.2$, and in $0.3$ of the cases nothing yet. What is missing is $0.3$ of `b`; so that is what a rejection must write.

:::{prf:theorem} Speculative decoding
:label: thm-lm-speculative
Draw $c$ from $q$ and keep it with probability $\min(1,p_c/q_c)$. If rejected, draw from the law proportional to $(p-q)_+=\max(p-q,0)$. The letter so written has the law $p$.
:::

:::{prf:proof}
A letter $c$ is guessed and kept with probability $q_c\min(1,p_c/q_c)=\min(p_c,q_c)$. Hence a guess is kept with probability $\alpha=\sum_c\min(p_c,q_c)$, rejected with $1-\alpha$ (if $\alpha=1$, then $p=q$ and nothing ever is). Since $(p_c-q_c)_+=p_c-\min(p_c,q_c)$, these parts sum to $1-\alpha$ too, so after a rejection $c$ is drawn with probability $(p_c-\min(p_c,q_c))/(1-\alpha)$. Together: $\min(p_c,q_c)+(1-\alpha)\frac{p_c-\min(p_c,q_c)}{1-\alpha}=p_c$.
:::

For a whole text go from left to right. The first letter has the law $p(\cdot\mid\text{past})$. After a kept guess the theorem applies again, with the longer past. After a correction the other guesses are thrown away. If all $k$ are kept, the large model has already computed what comes after them, and draws one letter more. So each letter has, given those before it, the law of the large model, and so has the text.
"""


# %%
def look_ahead(past, k, rng):
    """The letters that one look of the large model gives; past is a list."""
    guesses = []
    for _ in range(k):
        guesses.append(rng.choice(27, p=Q[(past + guesses)[-1]]))
    for i, c in enumerate(guesses):  # the large model sees all of them at once
        a, b = (past + guesses[:i])[-2:]
        p, q = P[a, b], Q[b]
        if rng.random() >= p[c] / q[c]:
            missing = np.maximum(p - q, 0)
            return guesses[:i] + [rng.choice(27, p=missing / missing.sum())]
    a, b = (past + guesses)[-2:]
    return guesses + [rng.choice(27, p=P[a, b])]


# %% [markdown]
r"""
To test it, *sum over all dice*. Let $G_j(n)$ be the law of the next $n$ letters when $j$ guesses of this look are left. A kept guess leaves $j-1$; a rejection starts a new look with $k$; with none left the large model draws, and a new look begins.
"""

# %%
keep = np.minimum(1, P / Q)  # (27, 27, 27): chance that guess c after a, b is kept
rejected = (Q * (1 - keep)).sum(-1, keepdims=True)
missing = np.maximum(P - Q, 0)


def law_ahead(n, k, j, correct=missing):
    """G_j(n) for every past, (27, 27, 27, ...): past a, b, then n letters."""
    if n == 0:
        return np.ones((27, 27))
    after = lambda left: law_ahead(n - 1, k, left, correct)
    on = lambda first, rest: np.einsum("abc,bc...->abc...", first, rest)
    if j == 0:
        return on(P, after(k))
    instead = rejected * correct / np.maximum(correct.sum(-1, keepdims=True), 1e-300)
    return on(Q * keep, after(j - 1)) + on(instead, after(k))


# %% tags=["set-up"]
law_two = {k: np.array([law_ahead(2, k, j) for j in range(k + 1)]) for k in (1, 2, 4)}
slow_two = np.einsum("abc,bcd->abcd", P, P)
wrong_two = law_ahead(2, 2, 2, correct=P)  # a rejection draws from p
gap_two = {k: abs(law - slow_two).sum((3, 4)).max() / 2 for k, law in law_two.items()}
slip_two = abs(wrong_two - slow_two).sum((2, 3))[t_h] / 2
print(
    "largest distance to the law of the large model\n"
    "(texts of two letters, all 729 pasts, any number of guesses left):"
)
for k, gap in gap_two.items():
    print(f"  {k} guesses a look   {gap:.0e}")

# %% [markdown]
r"""
(acceptance-rate)=
**How fast?** A guess is kept with probability $\alpha=\sum_c\min(p_c,q_c)=1-\mathrm{TV}(p,q)$, one minus the *total variation* distance $\frac12\sum_c|p_c-q_c|$. If $\alpha$ were the same everywhere, and independent, the first $i$ guesses would all be kept with probability $\alpha^i$:

$$
\mathbb E\,[\text{letters a look}]=1+\alpha+\dots+\alpha^k=\frac{1-\alpha^{k+1}}{1-\alpha},
$$ (eq-lm-accept)

at most $\frac1{1-\alpha}$, however far one guesses. If a guess costs a share $\gamma$ of a look, the gain is $\frac{1-\alpha^{k+1}}{(1-\alpha)(1+\gamma k)}$, and there is a best $k$. Change $\alpha$ and $\gamma$, and look for it.
"""


# %%
def gain(alpha, k, cost):
    return (1 - alpha ** (k + 1)) / ((1 - alpha) * (1 + cost * k))


# %% tags=["picture"]
def guess_far(agreement, cost):
    fig, ax = plt.subplots(figsize=(6.8, 2.9))
    k = np.arange(0, 31)
    speed = gain(agreement, k, cost)
    ax.plot(k, speed, "o-", color=plot.BLUE)
    ax.plot(k[speed.argmax()], speed.max(), "o", ms=11, color=plot.RED)
    ax.axhline(1, color=plot.GREY, ls=":")
    ax.set(
        xlabel="guesses a look, $k$", ylabel="letters per cost of a look", ylim=(0, 7)
    )
    ax.set_title(f"best: k = {k[speed.argmax()]}, {speed.max():.2f} times as fast")
    return fig


explore(
    guess_far,
    alt="Speed against the number of guesses: a curve that rises and falls again, with its best place marked; only when agreement is rarer than a guess is dear is it best not to guess",
    agreement=[0.65, 0.3, 0.95],
    cost=[0.05, 0.35],
)

# %% [markdown]
r"""
Our two tables agree with $\alpha=0.64$ on average over long texts. But it differs from past to past, and the true number of letters a look is a sum over pasts. For $k=4$, after `th` and in the long run:
"""


# %% tags=["set-up"]
def looks_from(start, k):
    """Expected letters of a look from a law of pairs; the law of the pairs it ends on."""
    mass, total, ended = start, 1.0, 0
    for _ in range(k):
        ended = ended + np.einsum("ab,abc->bc", mass, missing)  # rejected, corrected
        mass = np.einsum("ab,abc->bc", mass, Q * keep)
        total += mass.sum()
    return total, ended + np.einsum("ab,abc->bc", mass, P)


after_th = np.zeros((27, 27))
after_th[t_h] = 1.0
letters_first = looks_from(after_th, 4)[0]
long_run = np.full((27, 27), 1 / 729)  # frequency of pairs in long texts
pairs_at_looks = long_run  # and where a look begins
for _ in range(200):
    long_run = np.einsum("ab,abc->bc", long_run, P)
    letters_long, pairs_at_looks = looks_from(pairs_at_looks, 4)
agreement = np.einsum("ab,abc->ab", long_run, Q * keep)
alpha = agreement.sum()
first_looks = (write_ahead(10_000, 5, 4, np.random.default_rng(8))[1] == 0).sum(1)
print(f"agreement of the two tables   {alpha:.3f}")
print(
    "letters a look, 4 guesses"
    f"     exact after th {letters_first:.3f}, drawn {first_looks.mean():.3f}"
)
print(f"{'':24}exact, long texts {letters_long:.3f}, formula {gain(alpha, 4, 0):.3f}")

# %% [markdown]
r"""
Over long texts the formula with the mean $\alpha$ is hardly off. After `th`, where the small model too expects an `e`, it is far too low.

So here is the answer to the puzzle. Nothing is worse; the price is the guessing, and work that is thrown away. A busy server may have no idle multiplier to spare. A bad small model makes the text slow, not wrong.

(live-speculate)=
**Toss the coins yourself.** Each card holds a guess and a coin; inside the green part the guess is kept. Drag a coin (or use the arrow keys) over its edge, and see the later guesses go. Click a card for both models' opinions at its place.
"""

# %% tags=["set-up"]
import base64

whole_small, whole_large = (
    np.maximum(np.round(60_000 * table), 1).astype(int) for table in (Q, P)
)
packed = lambda table: base64.b64encode(table.astype("<u2").tobytes()).decode()
opening = {
    "letters": ALPHABET,
    "small": packed(whole_small),
    "large": packed(whole_large),
    "k": 4,
    "past": "th",
}


def one_look(state):
    """What the figure computes: guesses, their odds and overlaps, what is written."""
    text = [ALPHABET.index(c) for c in state["past"]]
    k, places = state["k"], []
    take = lambda p, u: min(int((np.cumsum(p) <= u).sum()), 26)
    for i in range(k + 1):
        q, p = whole_small[text[-1]], whole_large[text[-2], text[-1]]
        places.append((q / q.sum(), p / p.sum()))
        text.append(take(places[-1][0], state["dice"][i]) if i < k else -1)
    guesses = text[2 : 2 + k]
    odds = [min(1, p[c] / q[c]) for (q, p), c in zip(places, guesses)]
    overlaps = [float(np.minimum(p, q).sum()) for q, p in places[:k]]
    no = [i for i in range(k) if state["coins"][i] >= odds[i]]
    kept = no[0] if no else k
    q, p = places[kept]
    rest = np.maximum(p - q, 0) if kept < k else p
    rest = rest / rest.sum()
    return [guesses, odds, overlaps, kept, take(rest, state["last"]), rest.tolist()]


def random_look(rng):
    past = "".join(rng.choice(list(ALPHABET[1:]), 2))
    numbers_ = lambda: rng.random(6).round(6).tolist()
    return {
        "past": past,
        "k": int(rng.integers(1, 7)),
        "dice": numbers_(),
        "coins": (np.array(numbers_()) * rng.choice([0.3, 1.0])).tolist(),
        "last": float(rng.random()),
    }


def look_picture(state):
    guesses, odds, _, kept, letter, _ = one_look(state)
    fig, ax = plt.subplots(figsize=(6.8, 2.6))
    ax.bar(range(4), odds, color=["#009E7388"] * 4)
    ax.plot(range(4), state["coins"][:4], "o", color="black")
    for i, c in enumerate(guesses):
        fate = "kept" if i < kept else "rejected" if i == kept else "unread"
        ax.text(i, 1.04, f"{ALPHABET[c].replace(' ', '␣')}: {fate}", ha="center")
    ax.text(4, 0.5, f"then\n{ALPHABET[letter].replace(' ', '␣')}", ha="center")
    ax.set(ylim=(0, 1.2), xlim=(-0.6, 4.6), xticks=range(4), ylabel="coin, odds")
    ax.set_xticklabels([f"guess {i + 1}" for i in range(4)])
    return fig


# %% tags=["picture"]
rng = np.random.default_rng(12)
shown_look = {
    "past": "th",
    "k": 4,
    "dice": [0.11, 0.57, 0.1, 0.14],
    "coins": [0.4, 0.3, 0.9, 0.2],
    "last": 0.5,
}
live(
    "speculate",
    opening,
    still=look_picture(shown_look),
    states=[random_look(rng) for _ in range(20)],
    truth=one_look,
    alt="Four cards with the letters that the small model guesses, each with a coin on a bar whose green part is the chance to be kept; the coins can be dragged; a fifth card holds the letter written next, the correction after a rejection or else the large model's own, and bars compare the two models",
)

# %% tags=["checks"]
verify_at_most(
    "the law of two letters for 1, 2 and 4 guesses a look, all pasts, any number of guesses left: distance to the large model's",
    list(gap_two.values()),
    5e-14,
)
rng = np.random.default_rng(9)
one_by_one = [look_ahead(list(t_h), 4, rng) for _ in range(500)]
verify_within_se(
    "letters of one look after th, drawn one by one: the exact number",
    np.array([len(letters) for letters in one_by_one]),
    letters_first,
)
first_two = np.bincount([r[0] for r in one_by_one], minlength=27)
verify_at_most(
    "… squared miss of their first letters over the binomial variance, a mean of 1 expected",
    np.mean(((first_two - 500 * P[t_h]) ** 2 / (500 * P[t_h]))[500 * P[t_h] > 5]),
    1 + 4 * math.sqrt(2 / (500 * P[t_h] > 5).sum()),
)
verify_within_se(
    "letters of the first look, 10,000 drawn together", first_looks, letters_first
)
verify_within_se(
    "letters a look in 400 drawn texts of forty: the exact number for long texts",
    letters_a_look,
    letters_long,
)
verify(
    "agreement: one minus the total variation distance, over long texts",
    alpha,
    1 - (long_run * abs(P - Q).sum(-1) / 2).sum(),
)
coins = np.random.default_rng(10).random((40_000, 4)) < 0.7
verify_within_se(
    "coins that keep with 0.7: letters of a look with four guesses",
    1 + coins.cumprod(1).sum(1),
    gain(0.7, 4, 0),
)
verify(
    "… letters over the time of all looks and guesses, a guess a tenth of a look",
    (1 + coins.cumprod(1).sum(1)).sum() / (len(coins) + 0.1 * coins.size),
    gain(0.7, 4, 0.1),
    rtol=0.01,
)
same_favourite = P.argmax(-1) == Q.argmax(-1)
verify_at_most(
    "long texts: share of pasts with the same likeliest letter, less the agreement",
    (long_run * same_favourite).sum() - alpha,
    -0.1,
)

# %% [markdown]
r"""
**Try it.** The two models agree with $\alpha=0.8$ and a guess costs a tenth of a look. How many guesses are best?
"""

# %% tags=["yours"]
best_guesses = ...  # a whole number

exercise("lm-guesses").check(best_guesses)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Six, 2.47 times as fast: the seventh adds $0.8^7=0.21$ to 3.95 letters, 5 %, and a tenth to a cost of 1.6, 6 %.

```python
best_guesses = max(range(30), key=lambda k: gain(0.8, k, 0.1))
```

</details>
"""

# %% [markdown]
r"""
(fewer-numbers-in-matrices)=
## Fewer numbers

A trained model meets a new task and a small machine. Must each weight change, and have 32 bits?

(low-rank-adaptation)=
**A change of low rank.** *LoRA* {cite:p}`hu2022` leaves the trained $W_0$ ($d'\times d$) alone and adds a thin product,

$$
W=W_0+BA,\qquad B\;(d'\times r),\quad A\;(r\times d).
$$ (eq-lm-lora)

One starts with $B=0$ and a random $A$. For a thousand by a thousand and $r=8$ that is 16,000 numbers instead of a million.

What rank is needed? Say full fine-tuning moves the outputs by 3 in one direction and by 1 in another. Rank one makes the larger move, and leaves 1 of the squares $9+1$.

For a linear layer with squared loss this is a theorem. Let $X$ hold the $n$ inputs as rows, and $R=Y-XW_0^\top$ what the old matrix misses. Full fine-tuning fits $R$ by least squares, $\hat R=XD^\top$. The rest $R-\hat R$ is orthogonal to all that $X$ can make, so for any other change $BA$

$$
\|R-X(BA)^\top\|^2=\|R-\hat R\|^2+\|\hat R-X(BA)^\top\|^2 .
$$

By [Eckart and Young](#low-rank-approximation) the nearest matrix of rank $r$ is $\hat R V_rV_r^\top$, with the first $r$ right singular vectors of $\hat R$. It *is* of the form $X(BA)^\top$, with $BA=V_rV_r^\top D$ {cite:p}`izenman1975`:

$$
\text{loss of rank }r=\text{loss of full fine-tuning}+\frac1n\sum_{k>r}\sigma_k(\hat R)^2 .
$$ (eq-lm-lora-loss)

Here a linear map, fitted to 700 digits, predicts their lower half from the upper. Then the second row of pixels goes dark, and 400 new digits must mend it.
"""


# %%
def train_lora(W0, X, Y, r, steps=500, eta=0.03, seed=0):  # setting: the steps
    A = (normal(r, X.shape[1], seed=seed) / X.shape[1] ** 0.5).requires_grad_()
    B = torch.zeros(Y.shape[1], r, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([A, B], eta)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = eta * (1 - step / steps)
        loss = ((Y - X @ (W0 + B @ A).T) ** 2).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (B @ A).detach(), loss.item()


# %%
def low_rank_loss(W0, X, Y, ranks):
    R = Y - X @ W0.T
    D = torch.linalg.lstsq(
        X, R, driver="gelsd"
    ).solution.T  # the change of full fine-tuning
    sigma = torch.linalg.svdvals(X @ D.T)
    full = ((R - X @ D.T) ** 2).sum() / len(X)
    return [(full + (sigma[r:] ** 2).sum() / len(X)).item() for r in ranks]


# %% tags=["set-up"]
digits = data.digits(1400)


def halves(pictures, broken):
    """Upper half and a one, lower half; the broken camera's second row is dark."""
    upper = pictures[:, :32] * np.where(broken & (np.arange(32) // 8 == 1), 0, 1)
    return torch.tensor(np.c_[upper, np.ones(len(upper))]), torch.tensor(
        pictures[:, 32:]
    )


X_old, Y_old = halves(digits.X_train[:700], False)
X_new, Y_new = halves(digits.X_train[700:], True)
X_asked, Y_asked = halves(digits.X_test, True)
W_old = torch.linalg.solve(
    X_old.T @ X_old + torch.eye(33, dtype=torch.float64), X_old.T @ Y_old
).T
ranks = [0, 1, 2, 4, 8, 16, 32]


def best_change(X, Y, r):
    """The best change of rank r, in closed form."""
    D = torch.linalg.lstsq(X, Y - X @ W_old.T, driver="gelsd").solution.T
    V = torch.linalg.svd(X @ D.T)[2][:r].T
    return V @ V.T @ D


on_new = lambda change: (
    ((Y_asked - X_asked @ (W_old + change).T) ** 2).sum(1).mean().item()
)
X_400, Y_400 = X_new[:400], Y_new[:400]
theory = low_rank_loss(W_old, X_400, Y_400, ranks)
on_asked = [on_new(best_change(X_400, Y_400, r)) for r in ranks]
trained = {r: train_lora(W_old, X_400, Y_400, r)[1] for r in (2, 8)}
from_nothing = low_rank_loss(0 * W_old, X_400, Y_400, ranks)
print("rank  numbers    LoRA    theory   new digits    theory, W₀ = 0")
for i, r in enumerate(ranks):
    by_adam = f"{trained[r]:7.3f}" if r in trained else "       "
    print(
        f"{r:4}{r * 65:8,}   {by_adam}{theory[i]:9.3f}{on_asked[i]:11.3f}"
        f"{from_nothing[i]:16.3f}"
    )
shift = (Y_400 - X_400 @ W_old.T).mean(0)  # of the 32 outputs, and nothing else
shifted = [
    ((y - x @ W_old.T - shift) ** 2).sum(1).mean().item()
    for x, y in ((X_400, Y_400), (X_asked, Y_asked))
]
print(f"the 32 means  {shifted[0]:17.3f}{shifted[1]:11.3f}")

# %% [markdown]
r"""
Gradient descent finds the theorem's loss. Rank 2, with 130 numbers for the matrix's 1,056, gets five sixths of what full fine-tuning gets, and all of it on new digits. Much of it is simpler still: to correct the 32 means alone is nearly as good as rank 1. Without the old matrix (last column) not even rank 4 comes that far.

(weight-quantization)=
**Coarser numbers.** With $b$ bits a weight becomes a multiple of a step $\Delta$, up to $2^{b-1}-1$ steps either way. Let the largest weight just fit:

$$
\Delta=\frac{\max_i|w_i|}{2^{b-1}-1},\qquad \hat w=\Delta\,\mathrm{round}(w/\Delta),\qquad |\hat w-w|\le\frac\Delta2 .
$$ (eq-lm-quant)

By hand, with 3 bits and weights $0.9,-0.5,0.1$: $\Delta=0.3$, and they become $0.9,-0.6,0$. An error spread evenly over $[-\frac\Delta2,\frac\Delta2]$ has the mean square $\frac{\Delta^2}{12}$. Each bit less about doubles the step.

(outlier-weights)=
**Outliers.** The largest weight sets the step for all that share it. Put a weight of 9 beside the three above: $\Delta=3$, and all three become 0. So every block of 16 weights gets a step of its own; counted as 16 bits that is one more bit a weight.

We round the inner matrices of our [reader](#decoding-cost) in two versions that compute *the same*. In the second, one gain of each norm inside a block is divided by 50, and the weights that it feeds are multiplied by 50. (In large models {cite:t}`dettmers2022` met outliers in the *activations*.)
"""


# %%
def quantize(W, bits, block=None):  # block: weights that share a step, along a row
    groups = W.reshape(1, -1) if block is None else W.reshape(-1, block)
    step = groups.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
    step = step.clamp(min=1e-30)
    return (step * (groups / step).round()).view_as(W)


# %% tags=["set-up"]
def coarse(model, bits, block=None):
    """A copy of the model with all matrices but embedding and head quantised."""
    out = copy.deepcopy(model)
    with torch.no_grad():
        for name, w in out.named_parameters():
            if w.ndim == 2 and name not in ("embed.weight", "head.weight"):
                w.copy_(quantize(w, bits, block))
    return out


def with_outliers(model, factor=50.0):
    """The same function, with one large column in every matrix that a norm feeds."""
    out = copy.deepcopy(model)
    with torch.no_grad():
        for norm, readers in (
            *((out.norms[i], (a.q, a.k, a.v)) for i, a in enumerate(out.attn)),
            *((out.norms2[i], (m.W, m.V)) for i, m in enumerate(out.mlp)),
        ):
            norm.gain[3] /= factor
            for reads in readers:
                reads.weight[:, 3] *= factor
    return out


@torch.no_grad()
def reader_loss(model, x=None):
    x = test_texts[:100] if x is None else x
    return F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten()).item()


uneven = with_outliers(reader)
exact_loss = reader_loss(reader)
coarse_losses = {
    (name, bits, block): reader_loss(coarse(model, bits, block)) - exact_loss
    for name, model in (("as trained", reader), ("outliers", uneven))
    for block in (None, 16)
    for bits in (8, 6, 5, 4, 2)
}
print(f"loss with 32 bits: {exact_loss:.3f} nats a letter; more with")
print("                          8 bits   6 bits   5 bits   4 bits   2 bits")
for name in ("as trained", "outliers"):
    for block in (None, 16):
        row = [coarse_losses[name, bits, block] for bits in (8, 6, 5, 4, 2)]
        words = "a step a matrix" if block is None else f"a step for {block}"
        print(f"{name:11}{words:15}" + "".join(f"{round(v, 3) + 0:9.3f}" for v in row))

# %% [markdown]
r"""
As trained, eight bits are free and four nearly so. With outliers and one step a matrix, four lose nearly all by which the reader beats even chances.

Blocks confine the harm to the weights beside an outlier, and pay for their steps: six bits of storage as $5+1$ cost $0.135$ nats, as $6+0$ they cost $0.220$.
"""

# %% tags=["checks"]
verify(
    "trained by gradient descent at ranks 2 and 8: the loss of the theorem",
    list(trained.values()),
    [theory[ranks.index(r)] for r in trained],
    rtol=2e-3,
)
tries = [normal(32, 3, seed=s) @ normal(3, 33, seed=90 + s) / 8 for s in range(60)]
near = best_change(X_new[:400], Y_new[:400], 3)
u, s, v = torch.linalg.svd(near, full_matrices=False)
moved = [
    (u[:, :3] + 0.02 * normal(32, 3, seed=k)) @ (torch.diag(s[:3]) @ v[:3])
    for k in range(60)
]
loss_of = lambda change: (
    ((Y_new[:400] - X_new[:400] @ (W_old + change).T) ** 2).sum(1).mean()
)
verify_at_least(
    "120 other changes of rank 3, random and near: least loss over the theorem's",
    min(loss_of(change) for change in (*tries, *moved))
    / low_rank_loss(W_old, X_new[:400], Y_new[:400], [3])[0],
    1.0,
)
verify(
    "the best change of rank 3 reaches the theorem's loss",
    loss_of(near),
    low_rank_loss(W_old, X_new[:400], Y_new[:400], [3])[0],
    rtol=1e-9,
)
gained = lambda values, r: (
    (values[0] - values[ranks.index(r)]) / (values[0] - values[-1])
)
verify_at_least(
    "the 32 means: share of rank 1's gain, training and new digits",
    [
        (values[0] - alone) / (values[0] - values[1])
        for values, alone in zip((theory, on_asked), shifted)
    ],
    0.9,
)
verify_at_least(
    "rank 2: share of the gain of all ranks, training and new digits",
    [gained(values, 2) for values in (theory, on_asked)],
    [0.8, 1.0],
)
verify(
    "without the old matrix: ranks up to 4 as good as rank 2 with it",
    sum(v <= theory[2] for v in from_nothing[: ranks.index(4) + 1]),
    0,
)
noise = torch.linalg.svdvals(normal(32, 32)).numpy() ** 2
verify_at_most(
    "pure noise, 32 × 32: share of the ranks that leave at most a tenth",
    (1 + (noise.cumsum() < 0.9 * noise.sum()).sum()) / 32,
    0.6,
)
Ws = [w.detach() for n, w in reader.named_parameters() if w.ndim == 2]
worst = [
    ((quantize(W, b) - W).abs().max() / (W.abs().max() / (2 ** (b - 1) - 1))).item()
    for W in Ws
    for b in (8, 4, 3)
]
verify_at_most(
    "every matrix at 8, 4 and 3 bits: largest error over the step",
    worst,
    0.5,
    atol=1e-4,
)
by_hand = [0.9, -0.5, 0.1], [0.9, -0.5, 0.1, 9.0]
verify(
    "by hand: three bits, and beside a weight of 9",
    torch.cat([quantize(torch.tensor([w]), 3)[0] for w in by_hand]),
    np.array([0.9, -0.6, 0.0, 0, 0, 0, 9]),
    atol=1e-6,
)
W, x = normal(400, 256, seed=1), normal(256, 40, seed=2)
misses = (quantize(W, 8) - W) @ x
step = W.abs().max() / 127
verify(
    "a random matrix at 8 bits: variance of the outputs' errors over Δ²‖x‖²/12",
    (misses**2).mean() / (step**2 / 12 * (x**2).sum(0)).mean(),
    1.0,
    atol=0.05,
)
verify("with outliers: the same loss", reader_loss(uneven), exact_loss, rtol=1e-5)
verify_at_most(
    "eight bits: loss added (nats)", coarse_losses["as trained", 8, None], 0.01
)
verify_at_least(
    "with outliers: loss added at 6 bits, a step a matrix over a step for 16",
    coarse_losses["outliers", 6, None] / coarse_losses["outliers", 6, 16],
    2,
)
verify_at_least(
    "six bits of storage with outliers: loss added by 6 + 0 over 5 + 1",
    coarse_losses["outliers", 6, None] / coarse_losses["outliers", 5, 16],
    1.2,
)

# %% [markdown]
r"""
**Try it.** Given the singular values of a change, what is the smallest rank that leaves at most a tenth of $\sum_k\sigma_k^2$? Guess first: how large is it for pure noise, a $32\times32$ matrix of independent normal numbers?
"""

# %% tags=["yours"]
enough_rank = ...  # a function of an array of singular values, largest first

exercise("lm-rank").check(enough_rank)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Noise prefers no direction, so nine tenths of the ranks, 29, is tempting. About half are enough. Even in pure noise the singular values are far from equal. A rank that keeps nine tenths of the squares is no sign of structure before it is compared with noise.

```python
def enough_rank(sigma):
    left = [sum(s**2 for s in sigma[r:]) for r in range(len(sigma) + 1)]
    return next(r for r, rest in enumerate(left) if rest <= 0.1 * left[0])

pure_noise = np.random.default_rng(0).normal(size=(32, 32))
print("pure noise:", enough_rank(np.linalg.svd(pure_noise)[1]), "of 32")
```

</details>
"""

# %% [markdown]
r"""
(bending)=
## Bend it towards a wish

[Chapter 10](#alignment-from-human-feedback) derived the best compromise between a reward $r$ and closeness to the base model $\pi_0$ for whole replies,

$$
\max_\pi\;\mathbb E_\pi r-\beta\,\mathrm{KL}(\pi\Vert\pi_0)\qquad\Longrightarrow\qquad\pi^*(y)=\frac1Z\,\pi_0(y)\,e^{r(y)/\beta}.
$$ (eq-lm-tilt)

But a language model writes one token after the other. What must the *first* letter know of a reward that comes at the end?

(kl-regularized-policy)=
By hand: two letters, $\beta=1$, a fair coin as base, the reward $\log3$ for `bb` only. The tilt weighs `aa`, `ab`, `ba`, `bb` by 1, 1, 1, 3. So `b` must come first with probability $\frac46=\frac23$: it earns nothing, but opens a door.

What is the door worth? Summed over all texts that begin with $s$, the tilted law is $\pi^*(s)=\frac1Z\pi_0(s)\,\mathbb E_{\pi_0}[e^{r(y)/\beta}\mid y\text{ begins with }s]$. Write the mean as $e^{V(s)/\beta}$. Then $V(s)$ is the *soft value* of the beginning: a mean of the rewards to come, in which the good ones count more. Divide two such sums:

$$
\pi^*(c\mid s)=\pi_0(c\mid s)\,e^{(V(sc)-V(s))/\beta},\qquad V(s)=\beta\log\sum_c\pi_0(c\mid s)\,e^{V(sc)/\beta}.
$$ (eq-lm-soft-value)

Each token is tilted by what it adds to the value, and the values come from the end backwards. In the example $V(\texttt b)=\log2$, $V=\log\frac{1+2}2$, and $\frac12e^{\log2-\log1.5}=\frac23$ again. At the beginning $V=\beta\log Z=\mathbb E_{\pi^*}[r-\beta\log\frac{\pi^*}{\pi_0}]$, the value of the whole compromise.

Our base model (grey) writes three letters after `th`. The wish: one point for each vowel, two off for each pair of neighbouring vowels. As $\beta$ falls, texts with the same wish keep their proportions, and those with less give way.
"""


# %%
def soft_policy(reward, beta):  # reward (27, 27, 27) of each text
    """Best next-letter laws: for the first, second and third letter; and V."""
    base = [P[t_h], P[t_h[1]], P]  # (27,), (27, 27), (27, 27, 27)
    value, policy = reward, []
    for p in reversed(base):
        weight = p * np.exp((value - value.max()) / beta)
        policy.insert(0, weight / weight.sum(-1, keepdims=True))
        value = beta * np.log(weight.sum(-1)) + value.max()
    return policy, float(value)


# %% tags=["set-up"]
vowel = np.isin(np.arange(27), [ALPHABET.index(c) for c in "aeiou"])
i, j, k = np.indices((27, 27, 27))
wish = (
    vowel[i].astype(float) + vowel[j] + vowel[k]
    - 2 * (vowel[i] & vowel[j]) - 2 * (vowel[j] & vowel[k])
)  # fmt: skip


def tilted(reward, beta):
    """The best law of whole texts, straight from the formula."""
    p = model_law * np.exp((reward - reward.max()) / beta)
    return p / p.sum()


def divergence(p, q=model_law):
    return float((p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum())


# %% tags=["picture"]
def pleased(beta):
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    p = tilted(wish, beta)
    first = np.argsort(-model_law.ravel())[:6]
    best = [c for c in np.argsort(-p.ravel()) if c not in first][:6]
    at = np.r_[first, best]
    ax.bar(np.arange(12) - 0.2, model_law.ravel()[at], 0.4, color=plot.GREY)
    ax.bar(np.arange(12) + 0.2, p.ravel()[at], 0.4, color=plot.RED)
    names = [spell(np.unravel_index(c, p.shape)).replace(" ", "␣") for c in at]
    ax.set(xticks=range(12), ylim=(0, 0.26), ylabel="probability")
    ax.set_xticklabels(names, rotation=60, family="monospace", fontsize=9)
    ax.set_title(
        f"β = {beta:g}: mean reward {(p * wish).sum():.2f}, KL {divergence(p):.2f}"
    )
    return fig


explore(
    pleased,
    alt="Probabilities of twelve three-letter texts under the base model and the bent one: for large beta the same, for small beta only texts with two vowels apart are left",
    beta=[1.0, 0.1, 0.3, 5.0],
)

# %% [markdown]
r"""
(reward-overoptimization)=
**The wish and its proxy.** Who has the reward? One fits a model $\hat r$ to comparisons, in which $a$ beats $b$ with probability $\sigma(r_a-r_b)$, and bends towards that. One that has learnt only that vowels please would, bent far, write `aei` as gladly as `ace`; but the wish is $3-4$.

Let $\lambda=1/\beta$ be the strength and $\pi_\lambda\propto\pi_0e^{\lambda\hat r}$. Since $\frac{d\pi_\lambda}{d\lambda}=\pi_\lambda\,(\hat r-\mathbb E_{\pi_\lambda}\hat r)$,

$$
\frac d{d\lambda}\,\mathbb E_{\pi_\lambda}\hat r=\operatorname{Var}_{\pi_\lambda}(\hat r)\ge0,\qquad\frac d{d\lambda}\,\mathbb E_{\pi_\lambda}r=\operatorname{Cov}_{\pi_\lambda}(r,\hat r).
$$ (eq-lm-over)

What one measures rises. What one wants rises as long as the two agree *among the texts now written*, and a strong tilt may write texts that no comparison was about {cite:p}`gao2023`.

Six proxies score every letter at every place, each fitted, with a penalty of half the squared scores, to 80 comparisons of its own. The controls: six of the same form fitted to 8,000, and the true wish.
"""


# %% tags=["set-up"]
def fit_proxy(n, seed):
    """Scores of letters by place, fitted to n comparisons: the reward of every text."""
    rng = np.random.default_rng(seed)
    a, b = rng.choice(27**3, (2, n), p=model_law.ravel() / model_law.sum())
    r = wish.ravel()
    wins = rng.random(n) < 1 / (1 + np.exp(r[b] - r[a]))
    place = 27 * np.arange(3) + np.c_[i.ravel(), j.ravel(), k.ravel()]
    D = np.zeros((n, 81))
    for sign, side in ((1, np.where(wins, a, b)), (-1, np.where(wins, b, a))):
        np.add.at(D, (np.arange(n)[:, None], place[side]), sign)
    D = sparse.csr_array(D)
    penalised = lambda w: (
        np.logaddexp(0, -D @ w).sum() + w @ w / 2,
        w - D.T @ (1 / (1 + np.exp(D @ w))),
    )
    w = optimize.minimize(penalised, np.zeros(81), jac=True).x
    return w[place].sum(1).reshape(27, 27, 27)


strengths = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 20, 40])
proxies, better = ([fit_proxy(n, seed) for seed in range(6)] for n in (80, 8000))


def bent_along(reward):
    """For each strength: divergence, mean wish, mean of the reward itself."""
    laws_ = [tilted(reward, 1 / max(b, 1e-9)) for b in strengths]
    return np.array(
        [[divergence(p), (p * wish).sum(), (p * reward).sum()] for p in laws_]
    )


along_proxies, along_better = (
    np.array([bent_along(r) for r in these]) for these in (proxies, better)
)
along_wish = bent_along(wish)

# %% tags=["picture"] mystnb={"image": {"alt": "Mean true reward against divergence from the base model: the wish itself rises to 2 and stays; the proxies from 8,000 comparisons rise close to it, and two drop at strong tilts, one of them below the base model; of those from 80 one climbs more slowly to the top, three end below the base model, one sinks and climbs again, one climbs high and drops at the end."}}
fig, ax = plt.subplots(figsize=(6.8, 3.0))
for paths, colour, n in (
    (along_proxies, plot.RED, 80),
    (along_better, plot.ORANGE, 8000),
):
    lines = ax.plot(paths[:, :, 0].T, paths[:, :, 1].T, ".-", color=colour, lw=1)
    lines[0].set_label(f"proxies, {n:,} comparisons")
ax.plot(
    along_wish[:, 0], along_wish[:, 1], ".-", color=plot.BLUE, label="the wish itself"
)
ax.axhline(along_wish[0, 1], color=plot.GREY, ls=":")
ax.set(xlabel="KL from the base model (nats)", ylabel="mean wish")
ax.legend(loc="upper right", bbox_to_anchor=(1, 0.8))
plt.show()

# %% tags=["set-up"]
for n, paths in ((80, along_proxies), (8000, along_better)):
    for words, means in (
        ("highest", paths[:, :, 1].max(1)),
        ("at the end", paths[:, -1, 1]),
    ):
        row = "".join(f"{m:7.2f}" for m in means).replace("-", "−")
        print(f"{n:5,} comparisons, mean wish {words:11}{row}")
ends = [spell(np.unravel_index(tilted(r, 1 / 40).argmax(), wish.shape)) for r in better]
print(f"{8000:5,} comparisons, likeliest at the end" + "".join(f"{e:>7}" for e in ends))
print(f"the base model's mean wish {along_wish[0, 1]:.2f}")

# %% [markdown]
r"""
At first all gain. Then, of the six from 80 comparisons, three end below where they began, though each sees its own score rise all the way; only one ends at the top.

Those from 8,000 all come near the top, and at strong tilts two still fall, one of them below where it began. Too few comparisons are the larger cause. Nor is it that the form cannot see neighbours: the likeliest texts of the two that still fall, `s e` and `hqi`, have no vowels side by side.

The leash $\beta$ is there because the reward is not to be believed far from home.
"""

# %% tags=["checks"]
for_law = {beta: soft_policy(wish, beta) for beta in (0.2, 1.0, 5.0)}
verify(
    "token by token, three strengths: the tilted law of all 19,683 texts",
    np.array([np.einsum("a,ab,abc->abc", *p) for p, _ in for_law.values()]),
    np.array([tilted(wish, beta) for beta in for_law]),
    atol=1e-12,
)
verify(
    "the value at the beginning: reward less β KL of the tilted law",
    [value for _, value in for_law.values()],
    [(tilted(wish, b) * wish).sum() - b * divergence(tilted(wish, b)) for b in for_law],
)
rng = np.random.default_rng(11)
others = [
    tilted(wish + rng.normal(size=wish.shape) * s, 1.0)
    for s in (0.05, 0.5)
    for _ in range(20)
]
verify_at_most(
    "forty other laws: reward less KL, at most the value",
    [(p * wish).sum() - divergence(p) for p in others],
    np.full(40, for_law[1.0][1]),
)
step = 1e-4
slopes = [
    ((tilted(r, 1 / (b + step)) - tilted(r, 1 / (b - step))) * wish).sum() / (2 * step)
    for r in proxies
    for b in (1.0, 6.0)
]
cov = lambda p, x, y: (p * x * y).sum() - (p * x).sum() * (p * y).sum()
verify(
    "slope of the mean wish along each proxy, at strengths 1 and 6: the covariance",
    slopes,
    [cov(tilted(r, 1 / b), wish, r) for r in proxies for b in (1.0, 6.0)],
    atol=1e-7,
)
verify_at_least(
    "what is bent towards: each proxy's own mean, from strength to strength, and the wish's",
    np.diff([*along_proxies[:, :, 2], *along_better[:, :, 2], along_wish[:, 2]]),
    0,
    atol=1e-9,
)
verify_at_least(
    "80 comparisons: proxies that gain at first (strength 2), that end below the base model",
    [
        sum(along_proxies[:, 4, 1] > along_wish[0, 1]),
        sum(along_proxies[:, -1, 1] < along_wish[0, 1]),
    ],
    [6, 3],
)
peaks = [paths[:, :, 1].max(1) for paths in (along_proxies, along_better)]
verify_at_least(
    "8,000 comparisons: the least of the six highest means; what they add to the mean of the highest",
    [peaks[1].min(), peaks[1].mean() - peaks[0].mean()],
    [1.8, 0.1],
)

# %% [markdown]
r"""
(direct-preference-optimization)=
**Without a reward.** Into $\sigma(r_a-r_b)$ one may also put $r=\beta\log\frac\pi{\pi_0}+\beta\log Z$ from [the best tilt](#eq-lm-tilt), and fit $\pi$ itself to the comparisons, without a reward {cite:p}`rafailov2023`; $\log Z$, the same for both texts, cancels:

$$
\min_\theta\;-\frac1n\sum_{i=1}^n\log\sigma\Bigl(\beta\log\frac{\pi_\theta(a_i)}{\pi_0(a_i)}-\beta\log\frac{\pi_\theta(b_i)}{\pi_0(b_i)}\Bigr),
$$ (eq-lm-dpo)

where $a_i$ won against $b_i$. With all comparisons of the world this [cross-entropy](#cross-entropy) is least where the model's chance of every win is the true one, that is, where $\beta\log\frac\pi{\pi_0}$ differs from $r$ by a constant: at $\pi^*$, and nowhere else. With $h=\beta\log\frac\pi{\pi_0}$ the slope by the winner's $\log\pi$ is $-\beta\,\sigma(h_b-h_a)$: a pair pulls as hard as the model still has it the wrong way round. With few? Texts of two letters, a table with a row for each past, comparisons of texts that $\pi_0$ wrote, $\beta=\frac12$:
"""


# %%
def dpo_loss(log_pi, log_base, beta, won, lost, times):
    """Texts won against texts lost, each pair so many times."""
    h = beta * (log_pi - log_base)
    return -(times * F.logsigmoid(h[won] - h[lost])).sum() / times.sum()


# %% tags=["set-up"]
two_base = torch.tensor(np.log(P[t_h][:, None] * P[t_h[1]]).ravel())  # 729 texts
two_wish = torch.tensor(
    (vowel[:, None].astype(float) + vowel - 2.0 * (vowel[:, None] & vowel)).ravel()
)
two_best = (two_base + two_wish / 0.5).log_softmax(0)
rows_of_base = torch.tensor(np.log(np.r_[P[t_h][None], P[t_h[1]]]))  # (28, 27)


def two_letter_law(change):
    """Log-probabilities of all texts when the table's logits are changed, (729,)."""
    rows = (rows_of_base + change).log_softmax(1)
    return (rows[0][:, None] + rows[1:]).ravel()


def compared(n, seed):
    """n pairs written by the base model: which beat which, and how often."""
    rng = np.random.default_rng(seed)
    a, b = rng.choice(
        729, (2, n), p=two_base.exp().numpy() / two_base.exp().sum().item()
    )
    wins = rng.random(n) < 1 / (1 + np.exp(two_wish.numpy()[b] - two_wish.numpy()[a]))
    both = np.where(wins, 729 * a + b, 729 * b + a)  # winner and loser in one number
    pairs, times = np.unique(both, return_counts=True)
    return *map(torch.tensor, np.divmod(pairs, 729)), torch.tensor(times)


def fit_dpo(n, wins, penalty, beta=0.5):
    change = torch.zeros(28, 27, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [change], max_iter=120, tolerance_grad=1e-5, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = dpo_loss(two_letter_law(change), two_base, beta, *wins)
        loss = loss + penalty / n * (change**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    p = two_letter_law(change.detach())
    return (two_best.exp() * (two_best - p)).sum().item(), (p.exp() @ two_wish).item()


comparisons, penalties = (500, 5000, 50_000), (0.05, 2.0)
all_wins = {n: [compared(n, seed) for seed in range(3)] for n in comparisons}
by_dpo = {
    (n, penalty): np.array([fit_dpo(n, wins, penalty) for wins in all_wins[n]])
    for n in comparisons
    for penalty in penalties
}
base_gap = (two_best.exp() * (two_best - two_base)).sum().item()
print("              divergence of the best law from the fitted one, and mean wish")
print("comparisons          penalty 0.05                   penalty 2")
for n in comparisons:
    print(f"{n:8,}", end="")
    for penalty in penalties:
        (gap, mean), spread = (
            by_dpo[n, penalty].mean(0),
            by_dpo[n, penalty].std(0, ddof=1),
        )
        print(f"{gap:12.4f} ± {spread[0]:.4f}{mean:9.3f}", end="")
    print()
print(f"base model {base_gap:9.4f}{two_base.exp() @ two_wish:18.3f}", end="")
print(f";  the best law 0 {two_best.exp() @ two_wish:8.3f}")

# %% [markdown]
r"""
Ten times as many comparisons bring the fit about two to six times nearer to the best law.

But with 500, and next to no penalty (0.05) on the squared changes of the table's logits, it pleases more than the base model and is yet *farther* from the best law: it believes every chance result. With a penalty of 2 it is nearer, and pleases less than without.
"""

# %% tags=["checks"]
all_pairs = torch.arange(729)[:, None], torch.arange(729)
everything = (
    two_base.exp()[:, None]
    * two_base.exp()
    * torch.sigmoid(two_wish[:, None] - two_wish)
)
at_best = two_best.clone().requires_grad_()
slope_best = torch.autograd.grad(
    dpo_loss(at_best, two_base, 0.5, *all_pairs, everything), at_best
)[0]
at_base = two_base.clone().requires_grad_()
slope_base = torch.autograd.grad(
    dpo_loss(at_base, two_base, 0.5, *all_pairs, everything), at_base
)[0]
verify(
    "all comparisons: slope of the DPO loss at the best law",
    slope_best,
    np.zeros(729),
    atol=1e-15,
)
verify(
    "nothing learnt yet: each comparison costs a coin",
    dpo_loss(two_base, two_base, 0.5, *all_pairs, everything),
    math.log(2),
)
verify_at_least("… at the base model, its largest entry", slope_base.abs().max(), 1e-3)
one_pair = torch.tensor([-3.0, -1.0], requires_grad=True)  # the winner is behind
base_pair = torch.tensor([-2.0, -2.5])
dpo_loss(one_pair, base_pair, 0.5, [0], [1], torch.ones(1)).backward()
h_won, h_lost = (0.5 * (one_pair.detach() - base_pair)).tolist()
verify(
    "one comparison: slope by the winner's and by the loser's log-probability",
    one_pair.grad,
    np.array([-1, 1]) * 0.5 / (1 + math.exp(h_won - h_lost)),
    atol=1e-6,
)
gaps = np.array([[by_dpo[n, c][:, 0].mean() for n in comparisons] for c in penalties])
verify_at_least(
    "divergence for 500 comparisons over 5,000, and for 5,000 over 50,000",
    gaps[:, :-1] / gaps[:, 1:],
    [[2.5, 2.5], [1.5, 2.5]],
)
verify_at_least(
    "with 500 comparisons: divergence over the base model's; the base model's over that with a penalty of 2",
    [gaps[0, 0] / base_gap, base_gap / gaps[1, 0]],
    [1.5, 1],
)

# %% [markdown]
r"""
**Try it.** Texts of two letters: the base model begins with `a` or `b` by a fair coin; after `b` it writes `x` with probability $\frac14$, else `y`. Rewards: 1 for any text with `a` first, 3 for `bx`, 0 for `by`; so `b` has the lower mean, $\frac34$. Guess first: how does [the best policy](#eq-lm-soft-value) begin more often at $\beta=1$? Then give its probability of `b`, for any $\beta$.
"""

# %% tags=["yours"]
first_b = ...  # a function of beta

exercise("lm-beta").check(first_b)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The larger mean tempts, but `b` comes first in two of three texts. The means are those of the *base model's* second letter; the best policy will choose `x` more often, and only on a short leash (a large $\beta$) do the means decide, and then by a hair.

```python
def first_b(beta):
    a, b = math.exp(1 / beta), (math.exp(3 / beta) + 3) / 4
    return b / (a + b)

for beta in (0.3, 1, 5):
    print(f"β = {beta:g}: begins with b {first_b(beta):.3f}")
```

</details>
"""

# %% [markdown]
r"""
(in-context-markov)=
## What does one more token know?

A model whose weights stand still can still learn: from the text before it. How much? Take texts of four letters, *each written with a table of its own* {cite:p}`edelman2024`. Each row of the table, the chances of the next letter after `a`, say, is drawn from a Dirichlet law with parameter $\alpha=0.3$: most rows have one or two favourites.

By hand: in `ababa` the letter `a` was followed twice by `b`. The prior counts like $0.3$ letters of each kind, so `b` comes next with chance $\frac{2+0.3}{2+1.2}=0.72$. In general, if the letter $i$ has been followed $n_{ij}$ times by $j$, [Bayes' rule](#bayes-rule) says

$$
p(j\mid\text{text so far, now at }i)=\frac{n_{ij}+\alpha}{\sum_{j'}n_{ij'}+4\alpha} .
$$ (eq-lm-bayes)

(The posterior of a Dirichlet law $\propto\prod_jp_j^{\alpha-1}$ after the counts $n_j$ is $\propto\prod_jp_j^{n_j+\alpha-1}$, with this mean.)

Averaged over all texts nothing has a smaller surprise, at any place. The fall of this floor is what one more token is worth.

Our reader has two layers and has seen 160 batches of such texts, from one start. Its rivals: a reader of one layer, widened to as many weights, trained alike; counting letters without regard to the present one (one extra of each, not tuned); the even chances.
"""


# %%
def bayes_surprise(texts, alpha=0.3):
    """Nats for each letter but the first, counting pairs in the text so far."""
    n, every = np.full((len(texts), 4, 4), alpha), np.arange(len(texts))
    nats = []
    for now, after in zip(texts.T[:-1], texts.T[1:]):
        row = n[every, now]
        nats.append(-np.log(row[every, after] / row.sum(1)))
        n[every, now, after] += 1
    return np.array(nats).T  # (texts, places)


# %% tags=["set-up"]
def letter_surprise(texts, alpha=1.0):
    """The same, counting letters only, the first among them."""
    n, every = np.full((len(texts), 4), alpha), np.arange(len(texts))
    nats = []
    for now, after in zip(texts.T[:-1], texts.T[1:]):
        n[every, now] += 1
        nats.append(-np.log(n[every, after] / n.sum(1)))
    return np.array(nats).T


@torch.no_grad()
def model_surprise(model, texts):
    z = model(texts[:, :-1]).transpose(1, 2)
    return F.cross_entropy(z, texts[:, 1:], reduction="none").double().numpy()


one_layer = train_reader(layers=1, d=48, m=37)  # as many weights as the reader
size_of = lambda model: sum(w.numel() for w in model.parameters())
by_place = {
    "counting letters": letter_surprise(test_texts.numpy()),
    "one layer": model_surprise(one_layer, test_texts),
    "two layers": model_surprise(reader, test_texts),
    "Bayes": bayes_surprise(test_texts.numpy()),
}
print("nats for the letter       2      5     10     20     40     mean over Bayes")
for name, nats in by_place.items():
    gap = (nats - by_place["Bayes"]).mean(1)
    row = "".join(f"{nats.mean(0)[p]:7.2f}" for p in (0, 3, 8, 18, 38))
    print(f"{name:19}{row}{gap.mean():14.3f} ± {gap.std() / len(gap) ** 0.5:.3f}")
print(f"weights: one layer {size_of(one_layer):,}, two layers {size_of(reader):,}")
with torch.no_grad():
    repeat = reader(torch.arange(4)[:, None])[:, 0].softmax(1).diagonal().mean()
print(f"two layers, after one letter: chance that it comes again {repeat:.2f}")

# %% tags=["picture"] mystnb={"image": {"alt": "Surprise against the place in the text. Bayes falls from 1.39 to below 0.8; the two-layer reader follows a little above it; both readers begin near 1.95, above the line of even chances; one layer and the counting of letters level off near 1.1."}}
for (name, nats), colour in zip(
    by_place.items(), (plot.GREY, plot.ORANGE, plot.RED, plot.BLUE)
):
    plt.plot(np.arange(2, 42), nats.mean(0), color=colour, label=name)
plt.axhline(math.log(4), color="black", ls=":", lw=1)
plt.xlabel("place in the text")
plt.ylabel("nats for this letter")
plt.ylim(0.6, 2.05)
plt.legend()
plt.show()

# %% [markdown]
r"""
The reader of two layers follows Bayes down, on average less than a tenth of a nat above; after the first few letters the gap grows. One layer with as many weights ends little better than counting letters: its keys know only their own letter, not the one before it. (One start and one rate for both.)

At the first two places both are worse than even chances. The reader expects a lone letter to return, with a chance of three quarters. Perhaps because the mean of what its heads find is then that letter.

(induction-score)=
**How does it do it?** [Chapter 10](#induction-heads) showed induction by copying a repeated word. Counting needs the same two steps, with a mean instead of a copy. A head of the first layer tells each token its predecessor. A head of the second looks at all tokens *whose predecessor is the present letter*; the mean of what it finds is a count.

The *induction score* of a head is the weight that it puts on these tokens. A head that looked at all alike would have the *share* of such tokens.
"""


# %%
def induction_score(W, x, first=10):  # setting; W (texts, T, T), x (texts, T)
    nothing = torch.full((len(x), 1), -1)
    before = torch.cat([nothing, x[:, :-1]], 1)
    match = x[:, :, None] == before[:, None, :]  # j's predecessor is the letter at i
    return (W * match).sum(2)[:, first:].mean().item()


# %% tags=["set-up"]
@torch.no_grad()
def maps_of(model, x):
    """Attention weights of every layer and head, (layers, texts, heads, T, T)."""
    model(x)
    return torch.stack([layer.W_seen for layer in model.attn])


@torch.no_grad()
def silenced_loss(model, layer, head, x):
    """Loss when a head (None: all) says its mean over texts and places to all."""
    out = copy.deepcopy(model)
    w = out.attn[layer].out
    width = w.in_features // out.attn[layer].heads
    part = slice(None) if head is None else slice(head * width, (head + 1) * width)

    def hush(_, given):
        y = given[0].clone()
        y[..., part] = y[..., part].mean((0, 1))
        return (y,)

    w.register_forward_pre_hook(hush)
    return model_surprise(out, x).mean()


shown_texts = test_texts[:300]
W_all = maps_of(reader, shown_texts[:, :-1])
scores = np.array(
    [
        [induction_score(W_all[l][:, h], shown_texts[:, :-1]) for h in range(4)]
        for l in range(2)
    ]
)  # (layer, head)
alike = (torch.ones(40, 40).tril() / torch.arange(1, 41)[:, None]).expand(300, 40, 40)
chance_score = induction_score(alike, shown_texts[:, :-1])
back_one = W_all.diagonal(-1, 3, 4)[..., 10:].mean((1, 3))
silent = np.array(
    [[silenced_loss(reader, l, h, shown_texts) for h in range(4)] for l in range(2)]
)
whole = model_surprise(reader, shown_texts).mean()
print(
    "layer  head   weight on the letter before   induction score   loss added when silent"
)
for l in range(2):
    for h in range(4):
        print(
            f"{l + 1:4}{h + 1:6}{back_one[l, h]:20.2f}{scores[l, h]:24.2f}"
            f"{silent[l, h] - whole:20.3f}"
        )
all_silent = [silenced_loss(reader, l, None, shown_texts) - whole for l in range(2)]
print(f"a head that looks at all alike: score {chance_score:.2f}")
print(f"a whole layer silent: layer 1 {all_silent[0]:.3f}, layer 2 {all_silent[1]:.3f}")

# %% tags=["picture"] mystnb={"image": {"alt": "Two attention maps over one text: in the first layer a dark diagonal one step below the main one; in the second layer dark spots in the columns of letters that follow earlier copies of the present letter, marked by small circles."}}
first_head, second_head = int(back_one[0].argmax()), int(scores[1].argmax())
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.5))
shown = max(
    range(300),
    key=lambda n: len({*zip(*shown_texts[n, :24].unfold(0, 2, 1).T.tolist())}),
)
one = shown_texts[shown, :24]
for ax, l, h in ((axes[0], 0, first_head), (axes[1], 1, second_head)):
    ax.imshow(W_all[l, shown, h, :24, :24], cmap="Blues", vmin=0, vmax=0.7)
    names = ["abcd"[c] for c in one]
    ax.set(xticks=range(24), yticks=range(24), title=f"layer {l + 1}, head {h + 1}")
    ax.set_xticklabels(names, fontsize=8, family="monospace")
    ax.set_yticklabels(names, fontsize=8, family="monospace")
    ax.set(xlabel="looked at", ylabel="looks")
    ax.grid(False)
spots = [(j, i) for i in range(24) for j in range(1, i + 1) if one[j - 1] == one[i]]
axes[1].plot(*np.array(spots).T, "o", mfc="none", mec=plot.RED, ms=4, mew=0.6)
plt.show()

# %% [markdown]
r"""
The heads of the first layer give a third to three fifths of their weight to the letter before. Those of the second put three quarters or more where induction asks (the circles), twice what chance gives.

Silence one head, and little is lost. Silence all four of a layer, and it costs about four times the sum of what they cost one by one, as if each could stand in for the others. Both layers are needed; without the first the loss rises even more.
"""

# %% tags=["checks"]
rng = np.random.default_rng(14)
table = rng.dirichlet([0.3] * 4, 200_000)
fits = table[:, 1] ** 2 * table[:, 0]  # likelihood of b, b, a after the same letter
verify(
    "Bayes by simulation: chance of b after a row has given b, b, a",
    (fits * table[:, 1]).sum() / fits.sum(),
    (2 + 0.3) / (3 + 1.2),
    atol=0.01,
)
verify(
    "a text by hand, a b a b a b: Bayes' nats for the last letter",
    bayes_surprise(np.array([[0, 1, 0, 1, 0, 1]]))[0, -1],
    -math.log(2.3 / 3.2),
)
gap = by_place["two layers"] - by_place["Bayes"]
verify_at_least(
    "two layers above Bayes (standard errors); one layer above two",
    [
        gap.mean(1).mean() / (gap.mean(1).std() / len(gap) ** 0.5),
        (by_place["one layer"] - by_place["two layers"]).mean() / gap.mean(),
    ],
    [4, 2],
)
verify_at_least(
    "weights of the one layer, over those of the two",
    size_of(one_layer) / size_of(reader),
    1.0,
)
verify(
    "first letter asked for: Bayes can only say log 4",
    by_place["Bayes"][:, 0],
    np.full(1000, math.log(4)),
)
verify_at_least(
    "the best induction head of layer 2, over chance, and that of the one-layer reader",
    [
        scores[1].max() / chance_score,
        scores[1].max()
        / max(
            induction_score(W_one[:, h], shown_texts[:, :-1])
            for W_one in maps_of(one_layer, shown_texts[:, :-1])
            for h in range(4)
        ),
    ],
    1.5,
)
verify_at_least("two layers, after one letter: chance of its repetition", repeat, 0.5)
verify_at_least(
    "weight of the best head of layer 1 on the predecessor", back_one[0].max(), 0.5
)
verify_at_least(
    "all heads of a layer silent: loss added, over the sum of one by one; layer 1 over 2",
    [*(all_silent / (silent - whole).sum(1)), all_silent[0] / all_silent[1]],
    [2, 2, 1],
)

# %% [markdown]
r"""
**Try it.** Before anything is seen, each letter follows `a` with chance $\frac14$. Guess first: with which chance is `a` followed by *the same* letter (whichever) the first two times, and the first three? Then write it for the first $k$ times and any Dirichlet parameter $\alpha$; ours is $0.3$.
"""

# %% tags=["yours"]
same_letter = ...  # a function of k and alpha

exercise("lm-next").check(same_letter)

# %% [markdown]
r"""
<details><summary>Solution</summary>

A quarter and a sixteenth tempt, for the letters are drawn independently *when the row is known*. It is not: the first letter tells which row this may be, and most rows have favourites.

```python
def same_letter(k, alpha):
    chance = 1.0
    for seen in range(1, k):  # the letter so often, and no other
        chance *= (seen + alpha) / (seen + 4 * alpha)
    return chance

print(f"twice {same_letter(2, 0.3):.2f}, not {1 / 4:.2f};", end=" ")
print(f"three times {same_letter(3, 0.3):.2f}, not {1 / 16:.2f}")
```

</details>
"""

# %% [markdown]
r"""
(scaling-law)=
## The headline: can one foretell what more compute buys?

Can one know what a model will be worth before it is trained? {cite:t}`kaplan2020` found that the loss of the best model that a compute budget $C$ can buy falls like a power of $C$; {cite:t}`hoffmann2022` fitted a floor too, in weights and tokens. Along the best split it [comes to](#eq-lm-chinchilla)

$$
L(C)=E+a\,C^{-\gamma}.
$$ (eq-lm-scaling)

Is $E$, the *irreducible* loss, the entropy of the text? Take a source of which it is known: 64 tokens, each depending on the one before, by patterns of strength $1,\frac12,\frac13,\dots$ in the logarithm of its table. A model is an embedding of width $d$ and a head. The entropy rate $E^*$ and the expected loss of any model are *exact* sums over the table. With width and tokens both growing a model can write any table, so the floor should be $E^*$.

(compute-optimal-model)=
**How large a model for a budget?** Training takes about $C=6ND$ operations for $N$ weights and $D$ tokens: 2 per weight [forward](#eq-lm-cost), and twice that [backward](#reverse-mode-ad). Twice the weights leave half the tokens, $D=C/6N$. Suppose that too few weights cost $AN^{-\mu}$ and too few tokens $BD^{-\nu}$. The derivative of the sum by $\log N$ is zero where $\mu AN^{-\mu}=\nu BD^{-\nu}$: *the two losses stand in a fixed ratio*. Hence

$$
N^*=\Bigl(\frac{\mu A}{\nu B}\Bigr)^{\frac1{\mu+\nu}}\Bigl(\frac C6\Bigr)^{\frac\nu{\mu+\nu}},\qquad L^*-E\;\propto\;C^{-\gamma},\quad\gamma=\frac{\mu\nu}{\mu+\nu}.
$$ (eq-lm-chinchilla)

With $\mu\approx\nu$ weights and tokens should grow together, each like $\sqrt C$. For real texts {cite:t}`hoffmann2022` found about twenty tokens a weight: $7\cdot10^{10}$ weights and $1.4\cdot10^{12}$ tokens beat four times the weights on a fifth of the tokens, for about the same compute.

**The protocol.** One budget is spent on five widths with three rates each. Width 6 wins; we keep 4, less than a tenth worse and cheaper to scale, and its rate $0.45/d$.

From there width $d$ gets $135\,d$ steps, so that $C\propto d^2$ ($N=64\,d$ counts the head; the embedding is only looked up). What follows is the law of *this recipe*: whether the split stays the best is not searched; at the one budget widths 2 and 3 did best with half the rate, the lowest tried.

The law is fitted to widths 2 to 10 and only then asked about two and four times the largest budget. Two more sources (other dice; twice as regular) follow untuned, with fewer widths and runs. The rivals: in the table a power law through the last two points, and "nothing improves"; in the picture one through all, without a floor.
"""


# %%
def best_size(A, B, mu, nu, C):
    return (mu * A / (nu * B)) ** (1 / (mu + nu)) * (C / 6) ** (nu / (mu + nu))


def scaling(log_C, E, log_a, gamma):
    return E + np.exp(log_a - gamma * log_C)


# %% tags=["set-up"]
TOKENS, AT_ONCE = 64, 32


def source(strength, seed=0):
    """Frequencies of the pairs, (64, 64), and the entropy rate."""
    g = torch.Generator().manual_seed(seed)
    U, W = (
        torch.linalg.qr(torch.randn(TOKENS, TOKENS, generator=g))[0] for _ in range(2)
    )
    patterns = (U / torch.arange(1, TOKENS + 1)) @ W.T
    log_table = (strength * TOKENS * patterns).double().log_softmax(1)
    often = torch.full((TOKENS,), 1 / TOKENS).double()
    for _ in range(500):
        often = often @ log_table.exp()
    pairs = often[:, None] * log_table.exp()
    return pairs, -(pairs * log_table).sum().item()


def train_widths(jobs, d, steps, rates):
    """Exact expected losses of models of width d after so many steps, trained side by
    side: (rates, runs) for each job, which is a table of pairs, its runs and a seed."""
    B, sizes = AT_ONCE, [len(rates) * runs for _, runs, _ in jobs]
    n, starts = sum(sizes), []
    for (pairs, _, seed), k in zip(jobs, sizes):
        g = torch.Generator().manual_seed(seed)
        A = 0.3 * torch.randn(k, TOKENS, d, generator=g)
        H = 0.3 * torch.randn(k, d + 1, TOKENS, generator=g)[:, :d]
        seen = torch.multinomial(pairs.flatten(), k * steps * B, True, generator=g)
        starts.append((A, H, seen.view(steps, k, B, 1)))
    eta = torch.cat([torch.tensor(rates).repeat_interleave(r) for _, r, _ in jobs])
    eta, drawn_pairs = eta[:, None], torch.cat([seen for *_, seen in starts], 1)
    # Embeddings A, head H and its bias b are windows on one tensor W.
    W = torch.zeros(n, TOKENS * d + (d + 1) * TOKENS)
    m, v, grad = (torch.zeros_like(W) for _ in range(3))
    (A, H, b), (to_A, to_H, to_b) = (
        [
            part.unflatten(1, (-1, columns))
            for part, columns in zip(
                w.split([TOKENS * d, d * TOKENS, TOKENS], 1), (d, TOKENS, TOKENS)
            )
        ]
        for w in (W, grad)
    )
    A.copy_(torch.cat([start[0] for start in starts]))
    H.copy_(torch.cat([start[1] for start in starts]))
    every_now = (drawn_pairs // TOKENS).expand(-1, -1, -1, d)
    minus_one = -torch.ones(n, B, 1)
    for t, (now, after) in enumerate(zip(every_now, drawn_pairs % TOKENS), 1):
        x = A.gather(1, now)  # (n, B, d)
        slope = torch.baddbmm(b, x, H).softmax(-1)
        slope.scatter_add_(2, after, minus_one)  # probabilities less the truth
        slope /= B
        to_A.zero_().scatter_add_(1, now, slope @ H.mT)
        torch.bmm(x.mT, slope, out=to_H)
        torch.sum(slope, 1, keepdim=True, out=to_b)
        m.lerp_(grad, 0.1)
        v.lerp_(grad.square(), 0.02)
        fresh = (1 - 0.98**t) ** 0.5
        rate = eta * ((t - 1 - steps) / steps / (1 - 0.9**t) * fresh)
        W.addcdiv_(rate * m, v.sqrt().add_(1e-8 * fresh))
    logs = (A @ H + b).double().log_softmax(-1).split(sizes)
    return [
        -(pairs * log_p).sum((1, 2)).view(-1, runs).numpy()
        for (pairs, runs, _), log_p in zip(jobs, logs)
    ]


law_of_pairs, floor = source(1.5)
factors = (0.5, 1, 2)
one_budget = {  # the budget of width 4, spent on other widths
    d: train_widths(
        [(law_of_pairs, 3, d)], d, 540 * 4 // d, [0.45 / d * f for f in factors]
    )[0]
    for d in (2, 3, 4, 6, 8)
}
print("one budget     width" + "".join(f"{d:9}" for d in one_budget))
print(
    "loss − E*, best rate"
    + "".join(f"{v.mean(1).min() - floor:9.3f}" for v in one_budget.values())
)
print(
    "its rate × d        "
    + "".join(f"{0.45 * factors[v.mean(1).argmin()]:9.2f}" for v in one_budget.values())
)

# %% tags=["set-up"]
small, large, fewer = (2, 3, 4, 5, 6, 8, 10), (14, 20), (2, 4, 6, 8, 10)
compute = lambda d: 6 * (TOKENS * np.asarray(d)) * (135 * np.asarray(d) * AT_ONCE)


def fitted(runs, widths, se):
    """E, log a and gamma, weighted by the spread over the runs."""
    losses = np.array([r.mean() for r in runs])
    start, x = [losses.min() - 0.1, -1.5, 0.4], np.log(compute(widths) / compute(4))
    return optimize.curve_fit(scaling, x, losses, start, se, maxfev=20_000)[0]


def judged(runs, widths, asked, asked_widths, floor):
    """The fitted law and its spread; what is foretold by it and by four rivals: a line
    through all points, one through the last two, no gain, a law told the true floor."""
    se, rng = [r.std(ddof=1) for r in runs], np.random.default_rng(20)
    redrawn = lambda: [r[rng.integers(len(r), size=len(r))] for r in runs]
    again = np.array([fitted(redrawn(), widths, se) for _ in range(40)])
    law, x = fitted(runs, widths, se), np.log(compute(asked_widths) / compute(4))
    seen, truth = (np.array([r.mean() for r in rs]) for rs in (runs, asked))
    straight = np.polyfit(np.log(compute(widths) / compute(4)), np.log(seen), 1)
    last_two = np.polyfit(
        np.log(compute(widths[-2:]) / compute(4)), np.log(seen[-2:]), 1
    )
    known = np.polyfit(np.log(compute(widths) / compute(4)), np.log(seen - floor), 1)
    lines = [np.exp(np.polyval(line, x)) for line in (straight, last_two, known)]
    told = [scaling(x, *law), *lines[:2], 0 * x + seen.min(), floor + lines[2]]
    miss = (np.array(told) - truth) / (truth - floor)
    return law, again.std(0), seen.min() - floor, straight, told, miss


sources = {
    "first": (law_of_pairs, floor),
    "other dice": source(1.5, 2),
    "more regular": source(3.0),
}
by_width = {name: {} for name in sources}
for d in small + large:
    jobs = {
        name: (pairs, 2 if d in large else runs, seed + d)
        for (name, (pairs, _)), runs, seed in zip(
            sources.items(), (8, 4, 4), (50, 90, 90)
        )
        if name == "first" or d in fewer + large
    }
    losses_at_d = train_widths(list(jobs.values()), d, 135 * d, [0.45 / d])
    for name, losses in zip(jobs, losses_at_d):
        by_width[name][d] = losses[0]
drawn_points, by_source = {}, {}
for name, (_, rate) in sources.items():
    widths = small if name == "first" else fewer
    seen, asked = ([by_width[name][d] for d in ds] for ds in (widths, large))
    drawn_points[name] = widths, seen, asked
    by_source[name] = (rate, *judged(seen, widths, asked, large, rate))
law, law_spread, _, straight, foretold, _ = by_source["first"][1:]
bought = drawn_points["first"][1]
above = lambda runs, rate: runs.mean() - rate
left_over = {
    name: above(asked[-1], by_source[name][0])
    / above(seen[widths.index(6)], by_source[name][0])
    for name, (widths, seen, asked) in drawn_points.items()
}
log_C, log_C_large = (np.log(compute(widths) / compute(4)) for widths in (small, large))
mean_losses = np.array([r.mean() for r in bought])
unigram_rate = -(law_of_pairs.sum(0) * law_of_pairs.sum(0).log()).sum().item()
print("             entropy    best seen   fitted                     11 times C, the")
print("source       rate E*     less E*   less E*          γ          share left")
for name, (rate, fit, spread, lacked, _, _, miss) in by_source.items():
    row = f"{name:13}{rate:.3f}{lacked:12.3f}{fit[0] - rate:11.3f} ± {spread[0]:.3f}"
    row += f"{fit[2]:7.2f} ± {spread[2]:.2f}{left_over[name]:12.2f}"
    print(row.replace("-", "−"))
print("\nmiss             twice the compute             four times")
print("source           law  two points  no gain     law  two points  floor told")
for name, (*_, miss) in by_source.items():
    a, b = (f"{m[0]:7.0%}{m[2]:9.0%}" for m in miss.T)
    print(f"{name:13}{a}{miss[3, 0]:12.0%}  {b}{miss[4, 1]:12.0%}".replace("-", "−"))

# %%
headline(
    "loss foretold for twice the compute, above the entropy rate, over the measured one",
    [1 + row[-1][0, 0] for row in by_source.values()],
    [1, 1, 1],
    rtol=0.25,
)

# %% tags=["picture"] mystnb={"image": {"alt": "Left, loss against compute for the first source: seven points, the law fitted to them, two open points near it, the dotted line of the entropy rate below, and a dashed power law without a floor that runs below the last points and through the floor. Right, loss above the entropy rate on logarithmic axes for all three sources: the points fall along nearly straight lines; the law of the first goes on through its open points, those of the two others bend down below theirs."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
far = np.linspace(log_C[0], log_C_large[-1] + 0.3, 100)
there = np.exp(far) * compute(4)
for (name, (widths, *both)), colour in zip(
    drawn_points.items(), (plot.BLUE, plot.ORANGE, plot.GREEN)
):
    rate, fit = by_source[name][:2]
    axes = ((left, 0), (right, rate)) if name == "first" else ((right, rate),)
    for ax, less in axes:
        for d, runs, fill in zip((widths, large), both, (colour, "white")):
            points = np.array([r.mean() for r in runs]) - less
            ax.plot(compute(d), points, "o", color=colour, mfc=fill, ms=5)
        curve = scaling(far, *fit) - less
        ax.plot(there, curve, color=colour, lw=1, label=name)
left.plot(there, np.exp(np.polyval(straight, far)), "--", color=plot.GREY, lw=1)
left.axhline(floor, color="black", ls=":")
left.set(xscale="log", xlabel="operations $C$", ylabel="expected loss (nats)")
left.set_title("full: fitted, open: measured later")
right.set(xscale="log", yscale="log", ylim=(0.015, None), xlabel="operations $C$")
right.minorticks_off()
right.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5], ["0.02", "0.05", "0.1", "0.2", "0.5"])
right.set_title("loss above the entropy rate")
right.legend(fontsize=9)
plt.show()

# %% [markdown]
r"""
How much do ten times the compute buy? Eleven times leave a quarter to a third of what width 6 had above the entropy rate. Can one foretell such gains? We ask for twice and four times the largest budget fitted.

**One step: better than its rivals.** With *twice* the compute the law misses by up to a fifth of what is left above the entropy rate (two runs at each width asked about; their spread is not shown). In two sources the measured loss stays above the law: their *gain* was promised a third and two fifths too large. The line through the last two points is farther off each time; who says "nothing improves" misses by two fifths. The dashed law without a floor soon promises losses *below the entropy of the text*, which no model can have.

**A leap: no.** With *four times* the compute the first source still keeps its word. For the two others the part above the entropy rate is foretold some 40 % too small. (The first was tuned, and fitted to more widths and runs; whether that or the source makes the difference was not separated.)

**The floor: hardly.** One fit finds it to a hundredth; the others fall short by more than twice their ± (the spread of forty refits to redrawn runs). A floor set too low bends the whole curve down. Is that the 40 %? Told the true floor, the same points miss by −2, +12 and −16 %: about a third, and one now errs the other way. (They were also weighed differently, so the floor need not be all of it.)

For a step a law beats its rivals, and may still promise too much; test it before a leap.
"""

# %% tags=["checks"]
for_sizes = []
for A, B, mu, nu, C in ((400.0, 410.0, 0.34, 0.28, 1e21), (3.0, 50.0, 0.7, 0.4, 1e12)):
    total = lambda log_N: (
        A * math.exp(-mu * log_N) + B * (6 * math.exp(log_N) / C) ** nu
    )
    found = optimize.minimize_scalar(
        total, bounds=(1, 50), method="bounded", options={"xatol": 1e-10}
    )
    twice = optimize.minimize_scalar(
        lambda log_N: A * math.exp(-mu * log_N) + B * (6 * math.exp(log_N) / (2 * C)) ** nu,
        bounds=(1, 50), method="bounded", options={"xatol": 1e-10},
    )  # fmt: skip
    for_sizes.append(
        [
            math.exp(found.x) / best_size(A, B, mu, nu, C),
            math.log2(found.fun / twice.fun) * (mu + nu) / (mu * nu),
        ]
    )
verify(
    "the best size by search over the formula; slope of the least loss over γ",
    for_sizes,
    np.ones((2, 2)),
    rtol=1e-5,
)
verify_at_most(
    "fitted floors: miss over what the best seen models still lacked",
    [abs(row[1][0] - row[0]) / row[3] for row in by_source.values()],
    1.0,
)
verify_at_most(
    "twice the compute: miss of the law over what is left above the floor",
    [abs(row[-1][0, 0]) for row in by_source.values()],
    0.35,
)
verify(
    "… gain foretold over gain measured: right, then a third and two fifths too large",
    [1 - row[-1][0, 0] / row[-1][3, 0] for row in by_source.values()],
    [1, 4 / 3, 7 / 5],
    rtol=0.1,
)
verify_at_least(
    "… the miss of the law without a floor, and how many times the other it is",
    [
        [abs(row[-1][1, 0]), abs(row[-1][1, 0] / row[-1][0, 0])]
        for row in by_source.values()
    ],
    [[0.5, 3]] * 3,
)
verify_at_least(
    "… over the miss of who says that nothing will improve; that over the law's",
    [np.abs(row[-1][[1, 3], 0] / row[-1][[3, 0], 0]) for row in by_source.values()],
    1.0,
)
verify_at_most(
    "twice and four times the compute: miss of the law over that of the last two points",
    [np.abs(row[-1][0] / row[-1][2]) for row in by_source.values()],
    0.75,
)
verify_at_most(
    "four times the compute: miss of a law told the floor over that of the law",
    [abs(row[-1][4, 1] / row[-1][0, 1]) for row in by_source.values()],
    0.5,
)
verify_at_most(
    "width 6 to 20, eleven times the compute: share left of what is above E*",
    list(left_over.values()),
    0.4,
)
tuned = {d: v.mean(1).min() for d, v in one_budget.items()}
verify(
    "one budget: the best width is inside the grid",
    min(tuned, key=tuned.get) in (3, 4, 6),
    True,
)
verify(
    "rates on an edge of the grid at the best widths, 4 and 6",
    sum(one_budget[d].mean(1).argmin() != 1 for d in (4, 6)),
    0,
)
verify_at_most(
    "widths 4 to 8: worst over best",
    max(tuned[d] - floor for d in (4, 6, 8)) / min(tuned[d] - floor for d in (4, 6, 8)),
    1.1,
)
verify_at_most(
    "what the law without a floor promises for 4 times the compute, over the entropy rate",
    foretold[1][1] / floor,
    0.99,
)
verify(
    "exponent fitted without knowing the floor: the slope on logarithmic axes of what is above it",
    law[2],
    -np.polyfit(log_C, np.log(mean_losses - floor), 1)[0],
    atol=4 * law_spread[2],
)
verify(
    "entropy rate: the entropy of two tokens less that of one",
    floor,
    -(law_of_pairs * law_of_pairs.log()).sum().item() - unigram_rate,
    rtol=1e-6,
)

# %% [markdown]
r"""
**Try it.** A law has been fitted: $E=1.7$, and at $C=1$ the loss is $2.7$; $\gamma=0.05$. By which factor must the compute grow to bring the loss to $2.2$?
"""

# %% tags=["yours"]
more_compute = ...  # a number

exercise("lm-compute").check(more_compute)

# %% [markdown]
r"""
<details><summary>Solution</summary>

What lies above $E$ must be halved: $C^{-0.05}=\frac12$, a million times.

```python
more_compute = 2**20
```

</details>
"""

# %% [markdown]
r"""
(lm-practice)=
## In practice

Ready-made: `nn.RMSNorm`, `F.scaled_dot_product_attention` with `enable_gqa` (in blocks where the machine allows it), cache, sampling rules, draft models and 4-bit weights in the serving libraries. Here is a block as one would write it, and a loop with what practice adds: AdamW, warm-up, a falling rate, clipped gradients. It learns *Alice* letter by letter.
"""


# %%
class TodaysBlock(nn.Module):
    def __init__(self, d, heads, groups, m):
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(d, 1e-6), nn.RMSNorm(d, 1e-6)
        self.attn, self.mlp = Attention(d, heads, groups), SwiGLU(d, m)

    def forward(self, x):
        q, k, v = self.attn.roles(self.norm1(x))
        fused = F.scaled_dot_product_attention  # never stores the T × T weights
        y = fused(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self.attn.out(y.transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm2(x))


# %%
torch.manual_seed(0)
blocks = [TodaysBlock(32, 4, 2, 64) for _ in range(2)]  # setting
writer = nn.Sequential(nn.Embedding(27, 32), *blocks, nn.RMSNorm(32), nn.Linear(32, 27))
optimizer = torch.optim.AdamW(writer.parameters(), weight_decay=0.01)  # setting
letters = torch.tensor(numbers).unfold(0, 33, 1)  # every window of 33 letters
for step in range(100):  # setting
    rate = 0.01 * min(1, step / 10) * (1 - step / 100)  # setting: warm up, then fall
    optimizer.param_groups[0]["lr"] = rate
    x = letters[torch.randint(len(letters), (16,))]  # setting
    loss = F.cross_entropy(writer(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(writer.parameters(), 1.0)  # setting
    optimizer.step()

# %% tags=["set-up"]
new_letters = torch.tensor(new_numbers).unfold(0, 33, 8)
with torch.no_grad():
    z = writer(new_letters[:, :-1]).transpose(1, 2)
    writer_loss = F.cross_entropy(z, new_letters[:, 1:]).item()
a, b, c = new_numbers[:-2], new_numbers[1:-1], new_numbers[2:]
table_losses = -np.log(Q[b, c]).mean(), -np.log(P[a, b, c]).mean()
print(f"nats a letter on new text: after 100 steps {writer_loss:.2f};", end=" ")
print(f"small table {table_losses[0]:.2f}, large table {table_losses[1]:.2f}")

# %% tags=["checks"]
torch.manual_seed(1)
theirs, ours = TodaysBlock(32, 4, 2, 48), LM(4, 32, 4, 2, 1, 48)
ours.attn[0], ours.mlp[0] = theirs.attn, theirs.mlp
x = torch.randint(4, (3, 20), generator=torch.Generator().manual_seed(2))
with torch.no_grad():
    verify(
        "logits of our model with the fused block's weights",
        ours(x),
        ours.head(ours.norm(theirs(ours.embed(x)))),
        atol=1e-5,
    )
verify_at_most(
    "after 100 steps: surprise on new text, over that of letters by frequency",
    writer_loss / by_stage[0, 1],
    0.95,
)

# %% [markdown]
r"""
A hundred steps get past the small table, and not to the large one.

(lm-beware)=
## Beware

**"Temperature one half draws texts with $p^2$."** Token by token it does not. The law $p(y)^{1/\tau}/Z$ of whole texts weighs a first letter by what can come after it, $\sum_{\text{rest}}p^{1/\tau}$; tempering each row ignores the rest. (It is [the soft value](#eq-lm-soft-value) again, with the reward $\log p$.) Between the two laws of three-letter texts at $\tau=\frac12$:
"""

# %% tags=["set-up"]
squared = model_law**2 / (model_law**2).sum()
by_rows = law_of_texts(lambda p: tempered(p, 0.5))
print(f"total variation distance {abs(squared - by_rows).sum() / 2:.3f}")
print(f"mean log p(y): whole texts {(squared * np.log(model_law)).sum():.3f}", end="")
print(f", row by row {(by_rows * np.log(model_law)).sum():.3f}")

# %% [markdown]
r"""
**"Rejected? Then let the large model draw."** A fresh draw from $p$ after a rejection counts letters twice that the small model proposes rightly. With two guesses a look the law of two letters after `th` is then off:
"""

# %% tags=["set-up"]
print(f"total variation: residual {gap_two[2]:.0e}, fresh draw from p {slip_two:.3f}")

# %% [markdown]
r"""
**"Start both factors at zero."** With $B=0$ *and* $A=0$ the change $BA$ has no slope in either, and LoRA never starts. One of them must not be zero.
"""

# %% tags=["checks"]
verify(
    "whole texts tempered: the soft policy for the reward log p at β = 1",
    np.einsum("a,ab,abc->abc", *soft_policy(np.log(model_law), 1.0)[0]),
    squared,
    atol=1e-12,
)
verify_at_least(
    "distance to tempering row by row", abs(squared - by_rows).sum() / 2, 0.05
)
verify_at_least(
    "rejected and drawn from p: distance of the law after th", slip_two, 0.05
)
A0 = torch.zeros(2, 33, dtype=torch.float64, requires_grad=True)
B0 = torch.zeros(32, 2, dtype=torch.float64, requires_grad=True)
slopes_zero = torch.autograd.grad(
    ((Y_new - X_new @ (W_old + B0 @ A0).T) ** 2).sum(), (A0, B0)
)
verify(
    "both factors zero: slopes by A and B",
    torch.cat([slope.ravel() for slope in slopes_zero]),
    np.zeros(66 + 64),
    atol=0,
)
A1 = normal(2, 33)
slope_B = torch.autograd.grad(((Y_new - X_new @ (W_old + B0 @ A1).T) ** 2).sum(), B0)[0]
verify_at_least("A random: largest slope by B", slope_B.abs().max(), 1.0)

# %% [markdown]
r"""
(lm-exercises)=
## Exercises

Replace each `...` and run the cell. Everything above may be used.

:::{exercise} Four values, well chosen
:label: ex-lm-lloyd
With two bits `quantize` has only the values $-\Delta,0,\Delta$. Choose four values for the weights of a vector and round each weight to the nearest, so that the mean squared error is at most a third of that of `quantize`. Hint: the best value for a group of weights is its mean.
:::
"""

# %% tags=["yours"]
four_values = ...  # a function of w (n,) that returns the rounded weights (n,)

exercise("lm-lloyd").check(four_values)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Group by the nearest value, move each value to the mean of its group, repeat: Lloyd's algorithm, k-means in one dimension, a [mixture](#mixture-model) with hard shares.

```python
def four_values(w):
    values = np.quantile(w, [0.1, 0.35, 0.65, 0.9])
    for _ in range(30):
        nearest = abs(w[:, None] - values).argmin(1)
        values = np.array([w[nearest == k].mean() for k in range(4)])
    return values[abs(w[:, None] - values).argmin(1)]
```

</details>

:::{exercise} Guess ahead, greedily
:label: ex-lm-greedy
A greedy writer takes the likeliest letter each time. Guess first: drawn guesses are kept with $\alpha=0.64$ over long texts; over the same pasts, do the greedy choices of the two models agree more often, or less? Then write one look of the greedy writer with $k$ guesses of a greedy small model: keep the guesses while the large model would have written the same, then add the large model's own letter.
:::
"""

# %% tags=["yours"]
greedy_look = ...  # a function of past (a list of numbers) and k, the new letters

exercise("lm-greedy").check(greedy_look)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Greedy choices look easier to guess, for no dice disagree. But they agree in half of the cases only. The agreement $\alpha$ counts what the two laws share; of two close favourites the greedy models name one each, and share nothing.

```python
def greedy_look(past, k):
    text = list(past)
    for _ in range(k):
        guess, own = Q[text[-1]].argmax(), P[text[-2], text[-1]].argmax()
        text.append(own)
        if guess != own:
            return text[len(past) :]
    return [*text, P[text[-2], text[-1]].argmax()][len(past) :]

same = P.argmax(-1) == Q.argmax(-1)  # (27, 27): after a, b
print(f"greedy {(long_run * same).sum():.2f}, drawn {alpha:.2f}")
```

</details>

:::{exercise} Project: all cuts of a text
:label: ex-lm-cuts
A model of independent tokens gives the text `abab` the probability of *one* cut when it is encoded. Sum over all cuts: write the probability that some sequence of tokens spells the text, for a dictionary `p` from pieces to probabilities.
:::
"""

# %% tags=["yours"]
all_cuts = ...  # a function of a text and the dictionary p

exercise("lm-cuts").check(all_cuts)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Every cut of the first $i$ letters ends in some piece.

```python
def all_cuts(text, p):
    total = [1.0]
    for i in range(1, len(text) + 1):
        total.append(sum(total[j] * p.get(text[j:i], 0) for j in range(i)))
    return total[-1]
```

</details>
"""

# %% [markdown]
r"""
(lm-summary)=
## Summary

| idea | formula | where |
|---|---|---|
| tokens | merge the most frequent pair; compare per letter or byte | [tokens](#byte-pair-encoding) |
| RMSNorm | $g\odot x/\sqrt{\overline{x^2}+\epsilon}$; layer norm is RMSNorm after centring | [norm](#rmsnorm) |
| SwiGLU | $U(\mathrm{SiLU}(Wx)\odot Vx)$: it multiplies | [gate](#swiglu) |
| grouped queries | keys and values tied in groups: the cache shrinks by $H/G$ | [cache](#grouped-query-attention) |
| one more token | $2N+4Ld(t+1)$ operations with a cache, up to $t+1$ times that without | [cost](#eq-lm-cost) |
| online softmax | $\ell'=\ell e^{m-m'}+e^{s-m'}$, $y'=(\ell e^{m-m'}y+e^{s-m'}v)/\ell'$ | [blocks](#eq-lm-online) |
| speculative decoding | keep with $\min(1,p/q)$, else draw from $(p-q)_+$: the law is $p$ | [theorem](#speculative-decoding) |
| its speed | $\frac{1-\alpha^{k+1}}{1-\alpha}$ tokens a look if $\alpha=1-\mathrm{TV}(p,q)$ is the same everywhere | [agreement](#eq-lm-accept) |
| low rank | loss of rank $r$ = full loss $+\frac1n\sum_{k>r}\sigma_k^2$ | [LoRA](#eq-lm-lora-loss) |
| few bits | $\lvert\hat w-w\rvert\le\frac\Delta2$, mean square $\frac{\Delta^2}{12}$ | [rounding](#eq-lm-quant) |
| preferences | $\pi^*(c\mid s)=\pi_0(c\mid s)\,e^{(V(sc)-V(s))/\beta}$ | [soft value](#eq-lm-soft-value) |
| a proxy | $\frac d{d\lambda}\mathbb E_{\pi_\lambda}r=\operatorname{Cov}_{\pi_\lambda}(r,\hat r)$ | [over-optimisation](#eq-lm-over) |
| in context | $(n_{ij}+\alpha)/(\sum_{j'}n_{ij'}+4\alpha)$ is best on average over such texts | [Bayes](#eq-lm-bayes) |
| scaling | $L=E+aC^{-\gamma}$, $\gamma=\frac{\mu\nu}{\mu+\nu}$; the floor is hard to fit | [law](#eq-lm-scaling) |

**Further reading.** {cite:t}`leviathan2023` for the idea of looking ahead; {cite:t}`hoffmann2022` on how to spend a budget, and {cite:t}`gao2023` on how to spoil a reward; {cite:t}`shannon1951` for the entropy of English, measured with people.
"""

# %% [markdown]
r"""
(lm-shelf)=
## The shelf

What the thread did not need. Each entry can be read alone.

(shortest-segmentation)=
### The fewest tokens, and all cuts

Merges do not find the cut with the fewest tokens; they replay a history. Dynamic programming finds it: the least number for the first $i$ letters is one more than the least for some $j<i$ such that letters $j$ to $i$ are a piece. The same recursion with sums of products instead of minima gives the probability of the text under *all* cuts, which is what a model of tokens really says about a text.
"""


# %%
def fewest_tokens(text, pieces, longest=20):  # setting
    least = [0]
    for i in range(1, len(text) + 1):
        start = max(0, i - longest)
        least.append(1 + min(least[j] for j in range(start, i) if text[j:i] in pieces))
    return least[-1]


# %% tags=["set-up"]
piece_set = {p.decode(errors="ignore") for p in pieces} | set(ALPHABET)
by_merges, fewest = len(encode(alice_new, merges)), fewest_tokens(alice_new, piece_set)
print(f"new text: {by_merges} tokens by merges, {fewest} at least")


def sum_of_cuts(text, log_p):
    """Log of the summed probability of all cuts."""
    total = [0.0]
    for i in range(1, len(text) + 1):
        ways = [
            total[j] + log_p[text[j:i]]
            for j in range(max(0, i - 20), i)
            if text[j:i] in log_p
        ]
        total.append(np.logaddexp.reduce(ways))
    return total[-1]


token_counts = np.bincount(encode(alice, merges), minlength=len(pieces)) + 0.5
log_token = {
    p.decode(errors="ignore"): math.log(n / token_counts.sum())
    for p, n in zip(pieces, token_counts)
    if p.isascii()
}
all_ways = -sum_of_cuts(alice_new, log_token) / len(alice_new)
one_way = surprise(alice, alice_new, merges, len(pieces))[1]
print(f"nats a letter: one cut {one_way:.3f}, all cuts {all_ways:.3f}")

# %% tags=["checks"]
brute = [
    min(
        bin(bars).count("1") + 1
        for bars in range(2 ** (len(word) - 1))
        if all(
            part in piece_set
            for part in "".join(
                c + "|" * (bars >> n & 1) for n, c in enumerate(word)
            ).split("|")
        )
    )
    for word in ("curiouser", "antipathies", "good bye feet")
]
verify(
    "fewest tokens of three texts, by trying every cut",
    [
        fewest_tokens(word, piece_set)
        for word in ("curiouser", "antipathies", "good bye feet")
    ],
    brute,
)
verify_at_least("tokens by merges less the fewest", by_merges - fewest, 1)
verify_at_least("nats a letter: one cut less all cuts", one_way - all_ways, 0.001)

# %% [markdown]
r"""
(rotary-wavelengths)=
### Wavelengths of rotary positions, and longer texts

Pair $i$ of coordinates turns by $\omega_i=b^{-2i/d}$ a token and is back after $2\pi/\omega_i$ tokens: from $2\pi$ for the first pair to $2\pi b^{(d-2)/d}$ for the last. A pair whose wavelength is longer than the training texts shows, at longer distances, angles that are new to the model. *Position interpolation* {cite:p}`chen2023pi` divides all places by $s$: a text $s$ times as long then shows only angles that are known, and the score at distance $n$ is what it was at $n/s$, between the old whole numbers.
"""

# %% tags=["checks"]
w = 16
wave = 2 * math.pi * 100.0 ** (np.arange(0, w, 2) / w)
turned = rotate(torch.ones(1000, w, dtype=torch.float64))
turned = turned.numpy()
phase = np.unwrap(np.arctan2(turned[:, 1::2], turned[:, 0::2]), axis=0)
verify(
    "tokens until each pair has turned once, from its phase over 1,000 tokens",
    2 * math.pi * 999 / (phase[-1] - phase[0]),
    wave,
    rtol=1e-9,
)
q, k = normal(w, seed=1), normal(w, seed=2)


def score_at(distance):
    """Score of q and k so many tokens apart, whole or not."""
    spin = torch.tensor(np.exp(1j * distance * 2 * math.pi / wave))
    pair = lambda x: torch.view_as_complex(x.view(-1, 2))
    return (pair(q).conj() * pair(k) * spin).sum().real


many = rotate(q.repeat(40, 1)) @ rotate(k.repeat(40, 1)).T
verify(
    "scores 4, 12 and 30 tokens apart, by complex numbers at places divided by two, distances doubled",
    many[0, [4, 12, 30]],
    [score_at(n / 2) for n in (8, 24, 60)],
    atol=1e-10,
)

# %% [markdown]
r"""
(flash-backward)=
### Backwards without the matrix

For the gradient too $T^2$ numbers would be needed, the weights $W=\mathrm{softmax}(S)$. They can be made again, block by block, from the scores and one number a row, $m+\log\ell$. With $y=Wv$ and the incoming $\bar y$: $\bar v=W^\top\bar y$, $\bar W=\bar yv^\top$, and through [the softmax](#softmax) $\bar S_{ij}=W_{ij}(\bar W_{ij}-\sum_{j'}W_{ij'}\bar W_{ij'})$. The sum over $j'$ is $\bar y_i^\top y_i$, one number a row that needs no matrix either.
"""


# %%
def score_gradient(W, v, y, y_bar):
    """Gradient by the scores; W may be any block of columns, with its rows of v."""
    D = (y_bar * y).sum(1, keepdim=True)
    return W * (y_bar @ v.T - D)


# %% tags=["checks"]
S, v = normal(9, 9, seed=4).requires_grad_(), normal(9, 5, seed=5)
y_bar = normal(9, 5, seed=6)
y = S.softmax(1) @ v
auto = torch.autograd.grad((y * y_bar).sum(), S)[0]
row = torch.logsumexp(S, 1, keepdim=True)  # all that was kept of the scores
parts = [
    score_gradient((S[:, c] - row).exp(), v[c], y, y_bar)
    for c in (slice(0, 4), slice(4, 9))
]
verify("two blocks of columns: autograd", torch.cat(parts, 1), auto, atol=1e-12)

# %% [markdown]
r"""
(gumbel-max)=
### Drawing by a maximum

Add to each logit an independent Gumbel number $g_i=-\log(-\log u_i)$ and take the largest: the winner has the law $\operatorname{softmax}(z)$ {cite:p}`maddison2014`. For $e^{-(z_i+g_i)}$ is an exponential waiting time with rate $e^{z_i}$, and of independent exponential times the $i$-th is first with probability $e^{z_i}/\sum_je^{z_j}$. The $k$ largest are a draw of $k$ tokens without replacement.
"""


# %%
def gumbel_order(z, rng, n):
    u = rng.random((n, len(z)))
    return np.argsort(-(z - np.log(-np.log(u))), axis=1)  # best first


# %% tags=["checks"]
z = np.array([1.0, 0.0, -1.0, 2.0])
p_z = np.exp(z) / np.exp(z).sum()
order = gumbel_order(z, np.random.default_rng(16), 60_000)
pairs_drawn = np.bincount(4 * order[:, 0] + order[:, 1], minlength=16) / 60_000
exact_pairs = p_z[:, None] * p_z / (1 - p_z[:, None]) * (1 - np.eye(4))
verify(
    "first and second of 60,000 draws: softmax, then softmax of the rest",
    pairs_drawn,
    exact_pairs.ravel(),
    atol=4 * 0.5 / math.sqrt(60_000),
)
# %% [markdown]
r"""
(beam-search)=
### The likeliest text

Greedy takes the likeliest letter each time. That need not give the likeliest text: after $0.6$ may come only choices of $0.3$, after $0.4$ a sure thing, and $0.6\cdot0.3<0.4\cdot1$. *Beam search* keeps the $B$ best beginnings instead of one. With a table for a model the truth is known: the likeliest text that *ends in* a given pair of letters goes through the likeliest text to its predecessor, which is dynamic programming over 729 pairs (Viterbi).
"""


# %%
def beam_search(n, B):
    beams = [(0.0, t_h)]  # log-probability, letters
    for _ in range(n):
        longer = [
            (log_p + math.log(P[text[-2], text[-1], c]), (*text, c))
            for log_p, text in beams
            for c in range(27)
        ]
        beams = sorted(longer, reverse=True)[:B]
    return beams[0]


# %%
def likeliest(n):
    best = np.where(np.arange(729) == 27 * t_h[0] + t_h[1], 0.0, -np.inf).reshape(
        27, 27
    )
    for _ in range(n):
        best = (best[:, :, None] + np.log(P)).max(0)  # over the letter that drops out
    return best.max()


# %% tags=["set-up"]
beams = {B: beam_search(20, B) for B in (1, 2, 4, 16, 64)}
viterbi = likeliest(20)
own_texts = write_ahead(2000, 20, 0, np.random.default_rng(3))[0]
with_start = np.c_[np.tile(t_h, (2000, 1)), own_texts]
own_log = np.log(P[with_start[:, :-2], with_start[:, 1:-1], with_start[:, 2:]]).sum(1)
print("twenty letters after th          log-probability")
for B, (log_p, text) in beams.items():
    print(f"beam of {B:2}:  {spell(text):25}{log_p:9.3f}")
print(f"the likeliest, by Viterbi{viterbi:22.3f}")
print(f"texts that the model draws{own_log.mean():20.2f} ± {own_log.std():.2f}")
print(f"the likeliest of 2,000 of them{own_log.max():16.2f}")

# %% [markdown]
r"""
A beam can miss the best text, and a wider one finds it. (Two texts tie for it: the same words in another order.) But the best text is far likelier than the likeliest of 2,000 that the model wrote: its own texts are [typical](#typical-set). For models of translation the likeliest sentence of all was often the empty one {cite:p}`stahlberg2019`.
"""

# %% tags=["checks"]
verify(
    "a beam of 64, and Viterbi: log-probability of the best text", beams[64][0], viterbi
)
verify_at_least("what greedy misses (nats)", viterbi - beams[1][0], 0.1)
every_three = math.log(model_law.max())
verify("Viterbi for three letters: the best of all 19,683", likeliest(3), every_three)
verify_at_least(
    "the likeliest text over the likeliest of 2,000 drawn (nats)",
    viterbi - own_log.max(),
    3,
)

# %% [markdown]
r"""
(best-of-n)=
### Best of $n$

Draw $n$ texts and keep the one with the highest reward: no training at all. If the rewards are all different, the text of rank $u$ (the probability of texts that are at most as good) is kept with density $nu^{n-1}$, so the divergence from the model would be $\int_0^1nu^{n-1}\log(nu^{n-1})\,du=\log n-\frac{n-1}n$ for a continuous law; for texts, which are discrete, it is at most that {cite:p}`beirami2025`. Compared with [the best tilt](#eq-lm-tilt) of the same divergence it must lose: nearly a third of the gain at $n=2$, almost nothing at 64. The wish of the main line has ties; a tiny random part breaks them.
"""


# %%
def best_of(n, p, reward):
    """Law of the best of n draws from p."""
    order = np.argsort(reward)
    up_to = np.cumsum(p[order])
    out = np.empty_like(p)
    out[order] = np.diff(np.r_[0, up_to**n])
    return out


# %% tags=["set-up"]
flat_law = model_law.ravel() / model_law.sum()
flat_wish = wish.ravel() + 0.01 * np.random.default_rng(17).random(27**3)
print("  n      KL    log n − (n−1)/n    mean wish    best tilt of this KL")
best_n = {}
for n in (1, 2, 4, 16, 64):
    p = best_of(n, flat_law, flat_wish)
    kl = max(divergence(p, flat_law), 0.0)
    tilt = lambda b: tilted(flat_wish.reshape(27, 27, 27), 1 / b).ravel()
    b = (
        optimize.brentq(lambda b: divergence(tilt(b), flat_law) - kl, 1e-6, 1e4)
        if n > 1
        else 1e-9
    )
    best_n[n] = kl, math.log(n) - (n - 1) / n, p @ flat_wish, tilt(b) @ flat_wish
    print(
        f"{n:3}{best_n[n][0]:9.3f}{best_n[n][1]:14.3f}{best_n[n][2]:15.3f}{best_n[n][3]:18.3f}"
    )

# %% tags=["checks"]
rng = np.random.default_rng(18)
tries = rng.choice(27**3, (20_000, 4), p=flat_law)
verify_within_se(
    "best of four, by drawing: mean wish", flat_wish[tries].max(1), best_n[4][2]
)
table_n = np.array(list(best_n.values()))
verify_at_most(
    "divergence, at most the formula", table_n[:, 0], table_n[:, 1], atol=1e-12
)
fine = best_of(16, np.full(100_000, 1e-5), np.arange(100_000))
verify(
    "100,000 equally likely replies: the formula, nearly",
    divergence(fine, np.full(100_000, 1e-5)),
    math.log(16) - 15 / 16,
    rtol=1e-4,
)
verify_at_least(
    "best tilt of the same divergence less best of n",
    table_n[1:, 3] - table_n[1:, 2],
    0,
)

# %% [markdown]
r"""
(mixture-of-experts)=
### Mixture of experts

Let a layer have $E$ networks, the *experts*, and let each token use only $k$ of them {cite:p}`shazeer2017`. A router gives scores $h=Rx$; the $k$ highest are kept, and

$$
y=\sum_{e\in\text{top-}k}g_e\,f_e(x),\qquad g=\operatorname{softmax}(h_{\text{top-}k}).
$$ (eq-lm-moe)

Weights grow with $E$, the work for a token only with $k$. It is a dense mixture whose other gates are zero.
"""


# %%
def routed(x, R, experts, k):  # x (n, d), R (d, E)
    best = (x @ R).topk(k, 1)  # scores and numbers of the chosen, (n, k)
    gates = best.values.softmax(1)
    y = torch.zeros_like(x)
    for e, expert in enumerate(experts):
        token, place = (best.indices == e).nonzero(as_tuple=True)
        y[token] += gates[token, place, None] * expert(x[token])
    return y, best.indices


# %% tags=["checks"]
torch.manual_seed(5)
experts = [SwiGLU(8, 16) for _ in range(6)]
x, R = normal(50, 8).float(), normal(8, 6, seed=1).float()
(y, chosen), flops = counted(lambda: routed(x, R, experts, 2))
with torch.no_grad():
    h = x @ R
    h = h.masked_fill(h < h.topk(2, 1).values[:, -1:], -torch.inf)
    dense = torch.stack([expert(x) for expert in experts], 2)
verify(
    "routed to two of six: the dense mixture with masked gates",
    y,
    (dense * h.softmax(1)[:, None]).sum(2),
    atol=1e-6,
)
verify(
    "operations of the experts: two of six for each token",
    (flops - 2 * 50 * 8 * 6) / counted(lambda: [expert(x) for expert in experts])[1],
    2 / 6,
)

# %% [markdown]
r"""
(load-balancing)=
### Keeping the experts busy

An expert that is chosen more learns more and is chosen still more. The usual remedy is a penalty {cite:p}`fedus2022`: with $f_e$ the share of tokens sent to expert $e$ and $P_e$ the mean of its gate,

$$
\mathcal L_{\text{balance}}=E\sum_ef_eP_e .
$$ (eq-lm-balance)

At perfect balance, $f_e=P_e=\frac1E$, it is 1. **A common slip** is to call 1 its minimum. If $f=P$, then by Cauchy–Schwarz $E\sum f_e^2\ge(\sum f_e)^2=1$. But $f$ counts winners and $P$ averages gates: with two experts and the gates $(0.51,0.49)$, $(0.51,0.49)$, $(0,1)$ we have $f=(\frac23,\frac13)$, $P=(0.34,0.66)$ and $2\,(\frac23\cdot0.34+\frac13\cdot0.66)=0.89$. Does it help? Points of the plane, a different linear function in each quadrant, four linear experts, one for each point, sixteen starts with and without:
"""


# %%
def balance(gates):  # gates (..., n, E): softmax of the router's scores
    E = gates.shape[-1]
    f = F.one_hot(gates.argmax(-1), E).double().mean(-2)
    return E * (f * gates.mean(-2)).sum(-1)


# %% tags=["set-up"]
def train_experts(weight, starts=16, steps=200, E=4):
    """Busiest expert's share and error over variance, for every start."""
    g = torch.Generator().manual_seed(3)
    pieces_of = torch.randn(4, 3, generator=g).double() * 2
    R = (0.5 * torch.randn(starts, 3, E, generator=g)).double().requires_grad_()
    W = (0.5 * torch.randn(starts, 3, E, generator=g)).double().requires_grad_()
    optimizer = torch.optim.Adam([R, W], 0.05)

    def draw(n):
        x = torch.randn(starts, n, 2, generator=g).double()
        quadrant = 2 * (x[..., 0] > 0) + (x[..., 1] > 0)
        x = torch.cat([x, torch.ones(starts, n, 1).double()], 2)
        return x, (x * pieces_of[quadrant]).sum(2)

    for step in range(steps + 1):
        x, target = draw(64 if step < steps else 1000)
        gates = (x @ R).softmax(2)
        gate, best = gates.max(2)
        y = gate * (x @ W).gather(2, best[..., None])[..., 0]
        error = ((y - target) ** 2).mean(1)
        if step < steps:
            optimizer.zero_grad()
            (error + weight * balance(gates)).sum().backward()
            optimizer.step()
    share = F.one_hot(best, E).double().mean(1).max(1).values
    return share.numpy(), (error / target.var(1)).detach().numpy()


routing = {weight: train_experts(weight) for weight in (0.0, 1.0)}
print("weight    busiest expert's share     error over variance")
for weight, (share, error) in routing.items():
    print(
        f"{weight:5.1f}{share.mean():18.2f} ± {share.std(ddof=1):.2f}"
        f"{error.mean():19.3f} ± {error.std(ddof=1):.3f}"
    )

# %% [markdown]
r"""
Without the penalty the work is uneven. With it the busiest expert comes nearer to its fair quarter, and the error falls by more than a third (one weight tried).
"""

# %% tags=["checks"]
example = torch.tensor([[0.51, 0.49], [0.51, 0.49], [0, 1]], dtype=torch.float64)
verify(
    "the example, one by one: shares of winners times means of gates",
    balance(example),
    2 * (2 / 3 * (0.51 + 0.51) / 3 + 1 / 3 * (0.49 + 0.49 + 1) / 3),
)
hard = torch.eye(4).double()[
    torch.randint(4, (30, 40), generator=torch.Generator().manual_seed(1))
]
verify_at_least("gates of 0 and 1, thirty batches: the penalty", balance(hard), 1.0)
changes = [a - b for a, b in zip(routing[1.0], routing[0.0])]  # same starts
verify_at_most(
    "busiest share, and error: with the penalty less without, in standard errors",
    [change.mean() / (change.std(ddof=1) / 4) for change in changes],
    -2.5,
)

# %% [markdown]
r"""
(in-context-gradient-descent)=
### A layer that takes a gradient step

Attention without the softmax can do regression. Let the examples of a prompt be tokens $(x_j,y_j)$ and the question a token $(x,0)$. With the key and query reading $x$, the value reading $y$, and a scale $\eta/n$, the question's answer is $\frac\eta n\sum_jy_j\,x_j^\top x$. That is *exactly* the prediction $w_1^\top x$ after one step of gradient descent from $w_0=0$ on the examples' loss $\frac1{2n}\sum_j(w^\top x_j-y_j)^2$ {cite:p}`vonoswald2023`; more layers can take more steps. (That a trained model does this is another claim, and has to be measured.)
"""


# %%
def linear_attention_answer(X, y, x, eta):  # X (n, d), y (n,), x (d,)
    tokens = torch.cat(
        [torch.cat([X, y[:, None]], 1), torch.cat([x, x.new_zeros(1)])[None]]
    )
    q, k, v = tokens[-1, :-1], tokens[:, :-1], tokens[:, -1]
    return eta / len(X) * (k @ q) @ v


# %% tags=["checks"]
X, y, x = normal(12, 3), normal(12, seed=1), normal(3, seed=2)
w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.SGD([w], 0.7)
(((X @ w - y) ** 2).mean() / 2).backward()
optimizer.step()
verify(
    "linear attention: torch's gradient step on the examples",
    linear_attention_answer(X, y, x, 0.7),
    (w @ x).detach(),
    rtol=1e-12,
)
eta_white = 1.0
errors = []
for seed in range(300):
    X = normal(400, 3, seed=10_000 + seed)
    truth_w = normal(3, seed=20_000 + seed)
    x = normal(3, seed=30_000 + seed)
    errors.append(
        float(linear_attention_answer(X, X @ truth_w, x, eta_white) - truth_w @ x) ** 2
    )
verify_within_se(
    "400 white examples, no noise: mean squared error, (d + 1) d/n by hand",
    np.array(errors),
    3 * 4 / 400,
)

# %% [markdown]
r"""
(softmax-bottleneck)=
### The softmax bottleneck

A head on a vector of width $d$ gives logits $XH$ of rank at most $d$ for all contexts together, and log-probabilities of rank at most $d+1$: subtracting $\log Z$ adds one column. A language whose table of log-probabilities has a higher rank cannot be written by it, however long it trains {cite:p}`yang2018`. In [the headline](#scaling-law) this is the cost of too few weights. Its source has patterns of strength $1/k$; if losses were squares, width $d$ would cost $\sum_{k>d}k^{-2}\approx1/d$. What a search finds with all the text in the world (the least price is at most that) falls somewhat faster:
"""


# %% tags=["set-up"]
def least_loss(d, seed=0):
    """The loss of the best model of width d above the floor, by a quasi-Newton search."""
    g = torch.Generator().manual_seed(seed)
    A = torch.randn(TOKENS, d, generator=g).double().requires_grad_()
    H = (0.3 * torch.randn(d, TOKENS, generator=g)).double().requires_grad_()
    bias = torch.zeros(TOKENS).double().requires_grad_()
    search = torch.optim.LBFGS(
        [A, H, bias], max_iter=100, line_search_fn="strong_wolfe"
    )

    def closure():
        search.zero_grad()
        loss = -(law_of_pairs * (A @ H + bias).log_softmax(1)).sum()
        loss.backward()
        return loss

    search.step(closure)
    return closure().item() - floor, (A @ H + bias).log_softmax(1).detach()


narrow = {d: least_loss(d) for d in (2, 4, 8)}
print("width             " + "".join(f"{d:9}" for d in narrow))
print("loss found − E*   " + "".join(f"{gap:9.4f}" for gap, _ in narrow.values()))
print(
    "times width       " + "".join(f"{d * gap:9.3f}" for d, (gap, _) in narrow.items())
)

# %% tags=["checks"]
verify(
    "rank of the log-probabilities at widths 2, 4 and 8, bias and log Z included",
    [int(torch.linalg.matrix_rank(table, rtol=1e-9)) for _, table in narrow.values()],
    [d + 2 for d in narrow],
)
exact_gaps = np.array([gap for gap, _ in narrow.values()])
verify_at_most(
    "slope of the least loss against the width, from doubling to doubling",
    np.diff(np.log2(exact_gaps)),
    -1.0,
)
verify_at_most(
    "least loss over that of the runs in the headline, the same widths",
    [narrow[d][0] / (mean_losses[small.index(d)] - floor) for d in (2, 4, 8)],
    1.0,
)
