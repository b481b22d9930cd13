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
(cnn-chapter)=
# Convolutional networks

Below are two pictures made of exactly the same grey values, each used exactly as often. You recognise one of them. A multi-layer perceptron could not tell you which one is the photograph: shuffle the pixels of every picture it sees in the same way, from the first day of its training, and it learns as well as before, to the last digit. What would a network have to be like to *notice*?
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
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from mnist1d.data import get_dataset_args, make_dataset
from scipy import integrate, linalg, ndimage, signal, stats
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from torch import nn

from helpers import (
    data,
    exercise,
    explore,
    headline,
    measured,
    plot,
    verify,
    verify_at_least,
    verify_at_most,
)

plot.style()
torch.set_num_threads(1)

# %% mystnb={"image": {"classes": "photo", "alt": "Left a grey photograph of a Chinese temple at a lake, right the same pixels in random order: a uniform grey noise."}}
colour_photo = datasets.load_sample_image("china.jpg") / 255  # (427, 640, 3)
photo = (
    colour_photo[:426].reshape(213, 2, 320, 2, 3).mean((1, 3, 4))
)  # grey, (213, 320)
shuffled = np.random.default_rng(0).permutation(photo.ravel()).reshape(photo.shape)


def show(images, titles, height=2.6, **kwargs):
    """Grey pictures side by side."""
    fig, axes = plt.subplots(1, len(images), figsize=(plot.WIDTH, height))
    for ax, image, title in zip(axes, images, titles):
        ax.imshow(image, cmap="gray", **kwargs)
        ax.set(title=title, xticks=[], yticks=[])
        ax.grid(False)
    return fig


show([photo, shuffled], ["a photograph", "the same grey values"])
plt.show()

# %% [markdown]
r"""
(structure-shuffled-pixels)=
The histograms of the two pictures are equal, so whatever makes the left one natural is not in its values. It is in who stands next to whom.
"""


# %%
def neighbours(image):
    """Correlation of a pixel with the one to its right."""
    return np.corrcoef(image[:, :-1].ravel(), image[:, 1:].ravel())[0, 1]


verify(
    "photograph and shuffled photograph: the same sorted grey values",
    np.sort(photo, axis=None),
    np.sort(shuffled, axis=None),
)
verify_at_least(
    "correlation of horizontal neighbours in the photograph", neighbours(photo), 0.9
)
verify(
    "correlation of horizontal neighbours after shuffling",
    neighbours(shuffled),
    0.0,
    atol=0.02,
)

# %% [markdown]
r"""
Now let two networks read scikit-learn's 1797 handwritten digits, $8\times8$ pixels each, 397 of them kept for testing. The first is an MLP. The second, small enough to be written in one line, is what this chapter is about; take its layers as names for now. The training loop serves the whole chapter: AdamW with [a step size](#learning-rate-decay) that rises and falls once.
"""


# %%
def train(net, X, y, epochs, batch=50, lr=1e-2, seed=0, loss=F.cross_entropy):
    """Train in place; returns the loss of every step."""
    generator = torch.Generator().manual_seed(seed)
    steps = epochs * (len(X) // batch)
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    losses = []
    for _ in range(epochs):
        order = torch.randperm(len(X), generator=generator)
        for b in order.split(batch)[: len(X) // batch]:
            optimizer.zero_grad()
            value = loss(net(X[b]), y[b])
            value.backward()
            optimizer.step()
            schedule.step()
            losses.append(value.item())
    net.eval()
    return losses


@torch.no_grad()
def accuracy(net, X, y):
    return (net(X).argmax(1) == y).double().mean().item()


def size(net):
    return sum(p.numel() for p in net.parameters())


# %%
D = data.digits()
X, X_test = (torch.tensor(a, dtype=torch.float32) for a in (D.X_train, D.X_test))
y, y_test = torch.tensor(D.y_train), torch.tensor(D.y_test)  # X is (1400, 64)


def mlp(inputs, hidden, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, 10),
    )


def small_cnn(a=8, b=16, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, a, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(a, b, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * b, 10),
    )


# %%
mix = torch.tensor(
    np.random.default_rng(1).permutation(64)
)  # one shuffle for all digits
plain, other = mlp(64, 32).double(), mlp(64, 32).double()
other[0].weight.data = other[0].weight.data[:, mix]  # the same start, columns renamed
for net, images in ((plain, X), (other, X[:, mix])):
    train(net, images.double(), y, epochs=8)
with torch.no_grad():
    verify(
        "MLP trained on shuffled pixels: the same logits as on the plain ones",
        other(X_test[:, mix].double()),
        plain(X_test.double()),
        atol=1e-6,
    )
verify_at_least(
    "MLP: test accuracy on digits, shuffled or not",
    accuracy(plain, X_test.double(), y_test),
    0.96,
)

# %%
cnns = [small_cnn(seed=s) for s in range(2)]
blind = [small_cnn(seed=s) for s in range(2)]
for s in range(2):
    train(cnns[s], X, y, epochs=12, seed=s)
    train(blind[s], X[:, mix], y, epochs=12, seed=s)
wrong = 1 - np.mean([accuracy(net, X_test, y_test) for net in cnns])
wrong_mixed = 1 - np.mean([accuracy(net, X_test[:, mix], y_test) for net in blind])
verify_at_most("CNN of 1898 parameters: test error on digits", wrong, 0.025)
verify_at_least(
    "CNN: test error on shuffled digits over that on digits", wrong_mixed / wrong, 1.5
)

# %% [markdown]
r"""
The MLP does not notice, and we know why: rename the columns of its first matrix like the pixels, and nothing else in the network has changed. The CNN makes over one and a half times the mistakes. It had assumed something about pictures, and shuffling made the assumption wrong. By the end you will be able to

- **state** the assumption and derive convolution from it: nothing else is linear and treats all places alike,
- **build** `conv2d` by loops, as a matrix, by Fourier and as one matrix product, and **derive** its gradients, which are convolutions again,
- **predict** shapes, parameter counts and receptive fields before running anything,
- **measure** equivariance and invariance, and say what breaks them,
- **read** LeNet, VGG, Inception, ResNet and U-Net as answers to questions,
- **reproduce** a published table of test accuracies.

It builds on [matrices of linear maps](#matrix-of-a-linear-map), [multi-layer perceptrons](#multilayer-perceptron) and [backpropagation](#backpropagation), and runs in half a minute on one core.
"""

# %% [markdown]
r"""
## What pictures have in common

(universality-needs-priors)=
[One hidden layer can represent everything](#universal-approximation-theorem), so why look further? Because [being able to represent is not being able to learn](#universality-is-not-learnability). A dense layer from a picture of a megapixel to a thousand units has $10^9$ weights. *Priors*, assumptions that hold for the data whatever the task, shrink the class of functions without throwing out the ones we want.

Put each digit at a random place in a $16\times16$ frame. A person needs no new examples for that. Both networks see the same $n$ pictures; the CNN has half as many parameters.
"""


# %%
def framed(X, rng):
    """Each 8×8 digit at a random place of a 16×16 frame of zeros."""
    frames = np.zeros((len(X), 16, 16), np.float32)
    for frame, digit, (r, c) in zip(frames, X, rng.integers(0, 9, (len(X), 2))):
        frame[r : r + 8, c : c + 8] = digit.reshape(8, 8)
    return torch.tensor(frames)


class GlobalMax(nn.Module):
    def forward(self, x):  # (batch, channels, height, width)
        return x.amax((2, 3))


def roaming_cnn():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Unflatten(1, (1, 16)),
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 24, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(24, 32, 3, padding=1),
        nn.ReLU(),
        GlobalMax(),
        nn.Linear(32, 10),
    )


# %%
rng = np.random.default_rng(2)
wide, wide_test = framed(D.X_train, rng), framed(D.X_test, rng)
lead = []
for n, epochs in ((100, 30), (400, 10), (1400, 5)):
    cnn, dense = roaming_cnn(), nn.Sequential(nn.Flatten(), mlp(256, 64))
    train(cnn, wide[:n], y[:n], epochs)
    train(dense, wide[:n], y[:n], 2 * epochs)
    lead.append([accuracy(net, wide_test, y_test) for net in (cnn, dense)])
verify("parameters of the two networks", (size(cnn), size(dense)), (10914, 21258))
verify_at_least(
    "digits anywhere, n = 100, 400, 1400: lead of the CNN in accuracy",
    -np.diff(lead)[:, 0],
    0.2,
)
verify_at_least("digits anywhere, 1400 examples: accuracy of the CNN", lead[2][0], 0.88)
verify(
    "weights from a megapixel to 1000 units",
    nn.Linear(10**6, 1000, device="meta").weight.numel(),
    10**9,
)

# %% [markdown]
r"""
:::{admonition} Optimising is not generalising
:class: correction
**The notes say** that such networks are "difficult to optimise", and mean that the generalising solution is hard to find.

**Right is:** these are two difficulties. Optimisation asks for a small loss on the training set, generalisation for a small error on new data. The MLP has no trouble with the first and fails at the second, as the next cell shows.
:::
"""

# %%
dense = nn.Sequential(nn.Flatten(), mlp(256, 64))
train(dense, wide[:100], y[:100], 80)
verify(
    "MLP on 100 framed digits: training accuracy",
    accuracy(dense, wide[:100], y[:100]),
    1.0,
)
verify_at_most("… and its test accuracy", accuracy(dense, wide_test, y_test), 0.35)

# %% [markdown]
r"""
### Neighbours resemble each other

(jigsaw-smoothness)=
Why can one do a jigsaw puzzle without the box? Cut the photograph into $8\times12$ square pieces and compare borders: the rightmost pixels of one piece with the leftmost pixels of all 95 others. For how many is the piece that fits best the true neighbour? Guessing would find one in a hundred.
"""

# %%
pieces = colour_photo[:416, :624].reshape(8, 52, 12, 52, 3).transpose(0, 2, 1, 3, 4)
flat = pieces.reshape(96, 52, 52, 3)
right, left = (flat[:, :, side].reshape(96, -1) for side in (-1, 0))
mismatch = ((right[:, None] - left) ** 2).mean(2)  # (piece, its right neighbour?)
np.fill_diagonal(mismatch, np.inf)
has = np.flatnonzero(np.arange(96) % 12 != 11)  # pieces that have a right neighbour
hit = np.mean(mismatch[has].argmin(1) == has + 1)
verify_at_least(
    "jigsaw: pieces whose best-fitting piece is the true neighbour", hit, 0.8
)
verify_at_most(
    "jigsaw: mismatch of true neighbours over that of all pairs",
    mismatch[has, has + 1].mean() / mismatch[np.isfinite(mismatch)].mean(),
    0.1,
)

# %% [markdown]
r"""
The slider lets a greedy solver lay one row: it starts with the leftmost piece and always appends the best-fitting one of the eleven others.
"""

# %% tags=["hide-input"]
box = 12 * 6 + np.random.default_rng(3).permutation(
    12
)  # the pieces of row six, in a box
laid = [72]
while len(laid) < 12:
    rest = [k for k in box if k not in laid]
    laid.append(rest[mismatch[laid[-1], rest].argmin()])


def puzzle(pieces_laid):
    fig, axes = plt.subplots(2, 1, figsize=(plot.WIDTH, 1.9))
    white = np.ones((52, 3, 3))
    for ax, row, title in zip(axes, (box, laid[:pieces_laid]), ("the box", "laid")):
        strip = np.concatenate([np.concatenate([flat[k], white], 1) for k in row], 1)
        pad = np.ones((52, 660 - strip.shape[1], 3))
        ax.imshow(np.concatenate([strip, pad], 1))
        ax.set(xticks=[], yticks=[], ylabel=title)
        ax.grid(False)
        ax.spines[:].set_visible(False)
    return fig


explore(
    puzzle,
    alt="Above twelve pieces of a photograph in random order, below the pieces that the greedy solver has laid so far in the right order",
    pieces_laid=[4, 1, 2, 8, 12],
)

# %%
verify(
    "jigsaw: the greedy solver lays the row in order",
    tuple(int(k) for k in laid),
    tuple(range(72, 84)),
)

# %% [markdown]
r"""
### The same again elsewhere

(self-similarity)=
A window is a window wherever it is, and a photograph holds many. Take 2000 random patches of $6\times6$ pixels and find for each the most similar other one *that does not overlap it*. In the shuffled picture no patch has a relative.
"""


# %%
def nearest_distance(image, rng, count=2000, p=6):
    """RMS distance per pixel from each patch to the nearest one that does not overlap it."""
    corners = rng.integers(0, np.array(image.shape) - p + 1, (count, 2))
    view = np.lib.stride_tricks.sliding_window_view(image, (p, p))
    P = view[corners[:, 0], corners[:, 1]].reshape(count, -1)  # (count, p²)
    squares = (P**2).sum(1)
    distance2 = squares[:, None] + squares - 2 * P @ P.T
    near = np.abs(corners[:, None] - corners).max(2) < p  # overlap
    distance2[near] = np.inf
    return np.sqrt(np.maximum(distance2.min(1), 0) / p**2).mean(), P, distance2


d_photo, P, distance2 = nearest_distance(photo, np.random.default_rng(4))
d_noise = nearest_distance(shuffled, np.random.default_rng(4))[0]
verify_at_least(
    "distance to the nearest patch: shuffled over natural", d_noise / d_photo, 3.0
)
one, two = P[0], P[distance2[0].argmin()]
verify(
    "the table of patch distances, against the definition",
    distance2[0].min(),
    np.sum((one - two) ** 2),
    atol=1e-10,
)

# %% mystnb={"image": {"classes": "photo", "alt": "Three rows: a small patch of the photograph and its five nearest other patches, which show the same edge or texture in other places."}} tags=["hide-input"]
fig, axes = plt.subplots(3, 6, figsize=(plot.WIDTH, 3.5))
busy = np.flatnonzero(P.std(1) > 0.15)  # patches with something on them
chosen = busy[distance2[busy].min(1).argsort()[[0, 12, 30]]]
for row, k in zip(axes, chosen):
    for ax, j in zip(row, [k, *distance2[k].argsort()[:5]]):
        ax.imshow(P[j].reshape(6, 6), cmap="gray", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
axes[0, 0].set_title("patch")
axes[0, 3].set_title("its nearest relatives elsewhere")
plt.show()

# %% [markdown]
r"""
So one detector should serve all places, instead of being learned anew at each. 

(inpainting-by-patches)=
Self-similarity alone, with no other training data than the rest of the picture, can fill a hole. Take a piece of the border, look for the place in the picture that fits its known pixels best, and copy what is missing. The measure of success is texture: the energy of the gradient inside the hole. A grey patch would have none.
"""


# %%
def inpaint(image, hole, p):
    """Fill image[hole] from the outside in with the best-matching p×p patches of the rest."""
    out, known, h = image.copy(), ~hole, p // 2
    view = np.lib.stride_tricks.sliding_window_view
    whole = view(known, (p, p)).all((2, 3))
    bank = view(image, (p, p))[whole].reshape(-1, p * p)  # patches without a hole
    while not known.all():
        seen = ndimage.uniform_filter(known.astype(float), p)
        r, c = np.unravel_index(np.where(known, -1, seen).argmax(), known.shape)
        at = (slice(r - h, r + h + 1), slice(c - h, c + h + 1))
        have = known[at].ravel()
        fit = ((bank[:, have] - out[at].ravel()[have]) ** 2).sum(1)
        best = bank[fit.argmin()]
        out[at] = np.where(known[at], out[at], best.reshape(p, p))
        known[at] = True
    return out


def energy(image):
    return (
        np.diff(image, axis=0)[:, :-1] ** 2 + np.diff(image, axis=1)[:-1] ** 2
    ).mean()


# %%
scene = photo[110:190, 20:140]
hole = np.zeros(scene.shape, bool)
hole[28:52, 48:72] = True
filled = {p: inpaint(scene, hole, p) for p in (9, 5, 7, 13)}
inside = lambda image: energy(image[28:52, 48:72])
for p, image in filled.items():
    verify(
        f"hole filled with {p}×{p} patches: the rest is untouched",
        image[~hole],
        scene[~hole],
    )
    verify(
        "… log₂ of the gradient energy in the hole over the true one is within ±1",
        bool(abs(np.log2(inside(image) / inside(scene))) < 1),
        True,
    )


# %% tags=["hide-input"]
def mend(patch_size):
    torn = np.where(hole, 1.0, scene)
    return show(
        [torn, filled[patch_size], scene],
        ["torn", "mended", "true"],
        1.9,
        vmin=0,
        vmax=1,
    )


explore(
    mend,
    alt="A part of the photograph with a white square hole, the hole filled with patches from elsewhere, and the true picture",
    patch_size=[9, 5, 7, 13],
)
# %% [markdown]
r"""
### Parts of parts

(structure-in-proteins)=
Structure is not a matter of photographs. A protein is a chain; its sequence folds into helices and strands, these into domains, and the shape decides what it does. Make a toy chain: every residue is of one of two types, the type changes rarely, and each type bends the backbone at its own angles (noisily). The distances from $i$ to $i+2$, $i+3$ and $i+4$ are a *local* descriptor. It is blind to rotations of the whole molecule, it tells the types apart, and it needs the order of the chain.
"""


# %%
def grow(types, rng):
    """Backbone points 3.8 Å apart; bend and twist depend on the type and a little on chance."""
    frame, points = np.eye(3), [np.zeros(3)]
    for t in types:
        bend, twist = np.radians([(91, 50), (125, -170)][t] + rng.normal(0, 6, 2))
        c, s = np.cos(twist), np.sin(twist)
        roll = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
        c, s = -np.cos(bend), np.sin(bend)
        frame = frame @ roll @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        points.append(points[-1] + 3.8 * frame[:, 0])
    return np.array(points)


def local(points):
    return np.stack(
        [
            np.linalg.norm(
                points[k:][: -4 + k or None][: len(points) - 4] - points[:-4], axis=1
            )
            for k in (2, 3, 4)
        ],
        1,
    )


# %%
rng = np.random.default_rng(5)
types = np.cumsum(rng.random(4000) < 0.05) % 2  # 0 helix, 1 strand
chain = grow(types, rng)
kind, half = types[2:-1], 2000  # the type in the middle of the window i … i + 4
learn = LogisticRegression().fit(local(chain)[:half], kind[:half])
turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
verify(
    "distance of neighbours in the chain",
    np.linalg.norm(np.diff(chain, axis=0), axis=1),
    np.full(4000, 3.8),
    rtol=1e-9,
)
verify(
    "local distances do not change when the molecule turns",
    local(chain @ turn),
    local(chain),
    atol=1e-9,
)
for name, t, bend in (("helix", 0, 91), ("strand", 1, 125)):
    verify(
        f"{name}: mean distance to the second next is 2 · 3.8 · sin(bend/2)",
        local(grow(np.full(2000, t), rng))[:, 0].mean(),
        7.6 * np.sin(np.radians(bend / 2)),
        rtol=0.01,
    )
verify_at_least(
    "helix or strand from three distances, second half of the chain",
    learn.score(local(chain)[half:], kind[half:]),
    0.95,
)
mess = chain[rng.permutation(len(chain))]
verify(
    "chain in random order: accuracy of the best rule",
    LogisticRegression()
    .fit(local(mess)[:half], kind[:half])
    .score(local(mess)[half:], kind[half:]),
    0.5,
    atol=0.1,
)

# %% [markdown]
r"""
(hierarchy-and-compositionality)=
Objects are made of parts, parts of edges. If features $z(p)$ of a patch $p$ are not to depend on where it is, then $z(T_vp)=z(p)$ for shifts $T_v$, and at every scale: for small patches and for large ones. Is the photograph self-similar at every scale? Blur it, drop every second pixel, repeat: a *Gaussian pyramid*. At each level we compare with the shuffled version of that level.
"""


# %%
def pyramid(image, levels=4):
    out = [image]
    while len(out) < levels:
        out.append(ndimage.gaussian_filter(out[-1], 1.0)[::2, ::2])
    return out


rng = np.random.default_rng(6)
levels = pyramid(photo)
verify(
    "sizes of the four levels",
    tuple(a.shape for a in levels),
    ((213, 320), (107, 160), (54, 80), (27, 40)),
)
ratio = []
for a in levels:
    b = rng.permutation(a.ravel()).reshape(a.shape)
    ratio.append(nearest_distance(a, rng, 700)[0] / nearest_distance(b, rng, 700)[0])
verify_at_most(
    "four scales: distance to the nearest patch, natural over shuffled", ratio, 0.6
)

# %% [markdown]
r"""
Hierarchical, local, the same everywhere: these three words are the prior of a convolutional network. The rest of the chapter turns them into formulas, beginning with *the same everywhere*.

## Moving a picture

(translation-operator)=
:::{prf:definition} Translation operator
:label: def-cnn-translation
$(T_vf)(x)=f(x-v)$. The new picture takes at $x$ the old value at $x-v$: values move, the domain stays.
:::

The minus sign is a trap worth falling into once: to move a picture to the *right*, subtract. $T_v$ is linear in $f$, $T_vT_w=T_{v+w}$ and $T_v^{-1}=T_{-v}$. On a cyclic grid it is `np.roll`, and its matrix is a permutation.
"""

# %%
digit = D.X_test[3].reshape(8, 8)
T = lambda f, v: np.roll(f, v, axis=1)
rng = np.random.default_rng(7)
f, g = rng.normal(size=(2, 8, 8))
by_definition = np.array([[f[r, (c - 3) % 8] for c in range(8)] for r in range(8)])
verify("np.roll is f(x − v)", T(f, 3), by_definition)
verify("a shift is linear", T(2 * f - 5 * g, 3), 2 * T(f, 3) - 5 * T(g, 3))
verify("T₃T₄ = T₇", T(T(f, 4), 3), T(f, 7))
verify("T₋₃ undoes T₃", T(T(f, 3), -3), f)
M = np.array([T(e.reshape(8, 8), 3).ravel() for e in np.eye(64)]).T
verify("the matrix of a shift is orthogonal", M @ M.T, np.eye(64))
verify("… and applying it is shifting", M @ f.ravel(), T(f, 3).ravel())

# %% mystnb={"image": {"alt": "A bump centred at 0 and its translate f(x minus 2), which is centred at plus 2, to the right."}} tags=["hide-input"]
x = np.linspace(-4, 6, 300)
bump = lambda x: np.exp(-(x**2)) * (1 + 0.5 * np.sin(3 * x))
plt.figure(figsize=(plot.WIDTH, 2.4))
plt.plot(x, bump(x), color=plot.GREY, label="$f(x)$")
plt.plot(x, bump(x - 2), color=plot.RED, label="$f(x-2)$: to the right")
plt.xlabel("$x$")
plt.legend()
plt.show()

# %% [markdown]
r"""
(translation-invariance)=
What should a classifier $C$ do when the object moves? Nothing:

$$
C(T_vf)=C(f)\qquad\text{for all }f,\,v.
$$ (eq-cnn-invariance)

This is *translation invariance*. Train two networks on centred digits only, in a $12\times12$ frame that is closed to a torus so that shifts lose nothing, and test them on digits shifted along the diagonal. The CNN is made of layers that treat all places alike, followed by a maximum over all places.
"""


# %%
def centred(X):
    return F.pad(X.view(-1, 8, 8), (2, 2, 2, 2))


def ring_conv(a, b, k=3, **kwargs):
    return nn.Conv2d(a, b, k, padding=k // 2, padding_mode="circular", **kwargs)


torch.manual_seed(0)
ring = nn.Sequential(
    nn.Unflatten(1, (1, 12)),
    ring_conv(1, 12),
    nn.ReLU(),
    ring_conv(12, 24),
    nn.ReLU(),
    ring_conv(24, 24),
    nn.ReLU(),
    GlobalMax(),
    nn.Linear(24, 10),
)
still = nn.Sequential(nn.Flatten(), mlp(144, 64))
train(ring, centred(X), y, epochs=5)
train(still, centred(X), y, epochs=8)

# %%
shifts = range(5)
moved = {v: centred(X_test).roll((v, v), (1, 2)) for v in shifts}
curve = {
    name: np.array([accuracy(net, moved[v], y_test) for v in shifts])
    for name, net in (("MLP", still), ("CNN", ring))
}
with torch.no_grad():
    verify(
        "CNN: largest change of a logit under shifts by 1 to 4",
        torch.stack([ring(moved[v]) - ring(moved[0]) for v in shifts[1:]]).abs().max(),
        0.0,
        atol=1e-4,
    )
verify_at_least(
    "CNN trained on centred digits: accuracy at shifts 0 to 4", curve["CNN"], 0.96
)
verify_at_least("MLP: accuracy on centred digits", curve["MLP"][0], 0.95)
verify_at_most("MLP: accuracy at shifts 2, 3, 4", curve["MLP"][2:], 0.3)


# %% tags=["hide-input"]
def drift(shift):
    fig, (left, right) = plt.subplots(
        1, 2, figsize=(plot.WIDTH, 2.9), width_ratios=[1, 1.6]
    )
    left.imshow(moved[shift][3], cmap="gray")
    left.set(xticks=[], yticks=[], title=f"a {y_test[3]} shifted by {shift}")
    left.grid(False)
    for (name, values), colour in zip(curve.items(), (plot.BLUE, plot.RED)):
        right.plot(shifts, values, "o-", color=colour, label=name)
        right.plot(shift, values[shift], "o", ms=12, color=colour)
    right.set(xlabel="shift", ylabel="test accuracy", ylim=(0, 1.05), xticks=shifts)
    right.legend(loc="center right")
    return fig


explore(
    drift,
    alt="A digit that moves along the diagonal of its frame, and test accuracies: the MLP falls to the level of guessing, the CNN stays at 0.97",
    shift=list(shifts),
)

# %% [markdown]
r"""
(other-invariances)=
Translations are not the only changes that one may want to ignore. Two more, each made invariant by construction:

| the change | what does not see it |
|---|---|
| a sheet is bent (an isometry) | distances *along* the sheet; straight distances do see it |
| the picture turns by 90° | the mean of any network over the four turns |
"""

# %%
rng = np.random.default_rng(8)
u, v = rng.uniform(0, 3, (2, 300)) * [
    [1],
    [0.3],
]  # the flat sheet, and the sheet rolled on a cylinder
rolled = np.stack([np.cos(u), np.sin(u), v], 1)
pairs = np.triu_indices(300, 1)
far = lambda P: np.linalg.norm(P[pairs[0]] - P[pairs[1]], axis=1)
t = np.linspace(0, 1, 200)[:, None]  # walk along the sheet and measure the way in space
a, b = np.stack([u, v], 1)[pairs[0][::90]], np.stack([u, v], 1)[pairs[1][::90]]
way = a[:, None] + t * (b - a)[:, None]
way = np.stack([np.cos(way[..., 0]), np.sin(way[..., 0]), way[..., 1]], -1)
geodesic = np.linalg.norm(np.diff(way, axis=1), axis=2).sum(1)
flat_distance = far(np.stack([u, v], 1))
verify(
    "bent sheet: way along it equals the flat distance",
    geodesic,
    flat_distance[::90],
    atol=1e-3,
)
verify_at_least(
    "bent sheet: Kolmogorov–Smirnov distance of straight distances",
    stats.ks_2samp(far(rolled), flat_distance).statistic,
    0.1,
)

# %%
torch.manual_seed(1)
any_net = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.Tanh(), nn.Linear(20, 10))
whole = lambda x: sum(any_net(x.rot90(k, (1, 2))) for k in range(4)) / 4
with torch.no_grad():
    x = X_test.view(-1, 8, 8)
    verify(
        "mean over four turns: the output for a turned digit",
        whole(x.rot90(1, (1, 2))),
        whole(x),
        atol=1e-5,
    )
    verify_at_least(
        "… without the mean, the largest change",
        (any_net(x.rot90(1, (1, 2))) - any_net(x)).abs().max(),
        0.1,
    )
# %% [markdown]
r"""
## Sliding a pattern over a signal

### Continuous

(transform)=
(integral-transform)=
A *transform* $T$ maps functions to functions. It is linear if $T(\alpha f+\beta g)=\alpha Tf+\beta Tg$, [as for vectors](#linear-map). The *integral transform* with kernel $K$ generalises the matrix, with an integral for the sum:

$$
(Tf)(u)=\int_{t_1}^{t_2}K(t,u)\,f(t)\,dt
$$ (eq-cnn-integral-transform)

It is always linear. Which of these maps of signals of length 64 are?

| transform | linear? |
|---|---|
| shift by 3 | yes |
| differences of neighbours | yes |
| cumulative sum | yes |
| integral with kernel $e^{-2\pi itu}$ (Fourier) | yes |
| integral with kernel $g(u-t)$ (convolution) | yes |
| integral with kernel $1$ on $\lvert t-u\rvert\le w$ (running mean) | yes |
| squaring | no |
| sorting | no |
"""

# %%
grid = np.arange(64) / 64
tt, uu = np.meshgrid(grid, grid)  # K[u, t]
K = {
    "Fourier": np.exp(-2j * np.pi * tt * uu * 64),
    "convolution": np.exp(-50 * (uu - tt) ** 2),
    "running mean": (abs(uu - tt) <= 0.1) * 1.0,
}
table = {
    "shift": (lambda f: np.roll(f, 3), True),
    "difference": (np.diff, True),
    "cumulative sum": (np.cumsum, True),
    "squaring": (np.square, False),
    "sorting": (np.sort, False),
} | {f"{name} kernel": (lambda f, k=k: k @ f / 64, True) for name, k in K.items()}
rng = np.random.default_rng(9)
for name, (transform, linear) in table.items():
    f, g = rng.normal(size=(2, 64))
    gap = abs(transform(2 * f - 3 * g) - 2 * transform(f) + 3 * transform(g)).max()
    verify(f"{name}: linear", bool(gap < 1e-10), linear)
verify("Fourier kernel against numpy", K["Fourier"] @ f, np.fft.fft(f), atol=1e-9)

# %% mystnb={"image": {"classes": "photo", "alt": "Heat maps of three kernels: the Fourier kernel is a moir\u00e9 of waves, convolution is a soft diagonal band, the running mean a hard diagonal band."}} tags=["hide-input"]
fig = show([k.real for k in K.values()], K, 2.5)
fig.axes[0].set(xlabel="$t$", ylabel="$u$")
plt.show()

# %% [markdown]
r"""
Two of the pictures have something in common: the kernel depends on $u-t$ only. Every row is the same pattern, shifted.

(convolution)=
:::{prf:definition} Convolution
:label: def-cnn-convolution
For functions on $\mathbb R$ (where the integral exists), or over one period of periodic functions,

$$
(f*g)(x)=\int f(t)\,g(x-t)\,dt .
$$ (eq-cnn-convolution)

It is the integral transform with kernel $g(x-t)$. $g$ is called *filter* or *kernel*, the result a *feature map*.
:::

Read it as a recipe: flip $g$, shift it to $x$, multiply, integrate. One integral for every $x$. Drag $x$ and watch the shaded area become one point of the curve below.
"""


# %%
def box(t):
    return (abs(t) <= 0.5) * 1.0


def ramp(t):
    return np.where((t >= 0) & (t <= 1.5), 1 - t / 1.5, 0.0)


fine = np.linspace(-3, 3, 1201)
result = np.array([np.sum(box(fine) * ramp(x - fine)) * 0.005 for x in fine])
k = np.searchsorted(fine, 0.5)
verify(
    "box * ramp at ½, against quadrature",
    result[k],
    integrate.quad(lambda t: float(box(t) * ramp(0.5 - t)), -0.5, 0.5)[0],
    atol=5e-3,
)
verify(
    "its integral is the product of the two integrals",
    result.sum() * 0.005,
    1.0 * 0.75,
    rtol=1e-2,
)


# %% tags=["hide-input"]
def slide(x):
    fig, (top, bottom) = plt.subplots(2, 1, figsize=(plot.WIDTH, 3.6), sharex=True)
    flipped = ramp(x - fine)
    top.plot(fine, box(fine), color=plot.BLUE, label="$f(t)$")
    top.plot(fine, flipped, color=plot.ORANGE, label="$g(x-t)$, flipped and shifted")
    top.fill_between(fine, box(fine) * flipped, color=plot.RED, alpha=0.4)
    top.set(xlim=(-2, 3), ylim=(0, 1.45))
    top.legend(loc="upper right", ncols=2)
    upto = fine <= x
    bottom.plot(fine[upto], result[upto], color=plot.RED)
    bottom.plot(x, np.interp(x, fine, result), "o", color=plot.RED)
    bottom.set(ylim=(0, 0.8), xlabel="$x$ (below), $t$ (above)", ylabel="$(f*g)(x)$")
    return fig


explore(
    slide,
    alt="A box, a flipped ramp that slides over it with the product shaded, and below the area drawn as a function of the position",
    x=[0.5, -0.5, 0.0, 1.0, 1.5, 2.0],
)

# %% [markdown]
r"""
Three convolutions can be done by hand. Two boxes overlap in a length that grows and shrinks linearly: a triangle. On one period, $\cos t\cos(x-t)=\frac12\bigl(\cos x+\cos(2t-x)\bigr)$, and the second term integrates to zero: $\cos*\cos=\pi\cos$. And for Gaussians, sums of independent variables tell us that variances add.
"""

# %%
n = 100
triangle = np.convolve(np.full(n, 1 / n), np.full(n, 1 / n))
verify("box * box: length of the result", len(triangle), 199)
verify(
    "box * box is a triangle",
    triangle,
    (n - abs(np.arange(199) - 99)) / n**2,
    atol=1e-15,
)
t = np.linspace(-np.pi, np.pi, 400, endpoint=False)
by_sum = [np.sum(np.cos(t) * np.cos(x - t)) * (t[1] - t[0]) for x in t]
verify("cos * cos = π cos over one period", by_sum, np.pi * np.cos(t), atol=1e-10)
s = np.linspace(-12, 12, 2401)
both = np.convolve(stats.norm.pdf(s, 0, 1.5), stats.norm.pdf(s, 0, 2.0), "same") * 0.01
verify(
    "N(0, 1.5²) * N(0, 2²) = N(0, 2.5²)",
    both[800:1601],
    stats.norm.pdf(s[800:1601], 0, 2.5),
    atol=1e-6,
)

# %% [markdown]
r"""
(convolution-commutative-associative)=
:::{prf:theorem} Convolution is commutative and associative
:label: thm-cnn-commutative
$f*g=g*f$ and $(f*g)*h=f*(g*h)$. It is linear in each argument, and the unit impulse is its neutral element.
:::

:::{prf:proof}
Substitute $s=x-t$; then $t=x-s$, $dt=-ds$, and the limits $-\infty,\infty$ change places, which eats the sign:

$$
\int_{-\infty}^\infty f(t)\,g(x-t)\,dt=\int_{-\infty}^\infty f(x-s)\,g(s)\,ds=(g*f)(x).
$$

For associativity write both sides as a double integral:

$$
\bigl((f*g)*h\bigr)(x)=\iint f(t)\,g(s-t)\,h(x-s)\,dt\,ds .
$$

With $r=s-t$ this is $\int f(t)\bigl(\int g(r)\,h(x-t-r)\,dr\bigr)dt=\bigl(f*(g*h)\bigr)(x)$.
:::

So signal and filter play the same role, and two filters in a row are one. The substitution moved the interval of integration; on $\mathbb R$, or over a period of a periodic integrand, that does not matter.
"""

# %%
rng = np.random.default_rng(10)
f, g, h = rng.normal(size=7), rng.normal(size=5), rng.normal(size=4)
conv = np.convolve
verify("f * g = g * f", conv(f, g), conv(g, f), atol=1e-12)
verify(
    "(f * g) * h = f * (g * h)", conv(conv(f, g), h), conv(f, conv(g, h)), atol=1e-12
)
verify(
    "linear in the filter",
    conv(f, 2 * g - 3 * g[::-1]),
    2 * conv(f, g) - 3 * conv(f, g[::-1]),
    atol=1e-12,
)
verify("the impulse is neutral", conv(f, [1.0]), f)
blur = np.array([1, 2, 1]) / 4
verify(
    "two blurs of three taps are one of five",
    conv(conv(f, blur), blur),
    conv(f, np.array([1, 4, 6, 4, 1]) / 16),
    atol=1e-12,
)

# %% [markdown]
r"""
:::{admonition} Convolution on an interval
:class: correction
**The notes say** that for $f,g:[-\pi,\pi]\to\mathbb R$ one integrates $f(t)\,g(x-t)$ over the interval and may substitute.

**Right is:** $x-t$ leaves the interval, and the substitution moves it. One must assume periodic functions, or functions on $\mathbb R$ (extended by zero, say).
:::

For $f=x$ and $g=e^x$, taken as they are, the two orders differ; extended periodically they agree.
"""


# %%
def over_interval(f, g, x):
    return integrate.quad(lambda t: f(t) * g(x - t), -np.pi, np.pi, limit=200)[0]


wrap = lambda f: lambda t: f((t + np.pi) % (2 * np.pi) - np.pi)
ident = lambda t: t
raw = [over_interval(ident, np.exp, 1.0), over_interval(np.exp, ident, 1.0)]
verify(
    "x, eˣ over [−π, π], not periodic: f * g and g * f at 1",
    raw,
    [
        -np.e * (2 * np.pi * np.cosh(np.pi) - 2 * np.sinh(np.pi)),
        4 * np.sinh(np.pi) - 2 * np.pi * np.cosh(np.pi),
    ],
    atol=1e-8,
)
closed = [
    over_interval(wrap(ident), wrap(np.exp), 1.0),
    over_interval(wrap(np.exp), wrap(ident), 1.0),
]
verify("… extended periodically: f * g = g * f at 1", closed[0], closed[1], atol=1e-6)

# %% [markdown]
r"""
### Discrete

(discrete-convolution)=
For sequences the integral becomes a sum,

$$
(f*g)[n]=\sum_kf[k]\,g[n-k].
$$ (eq-cnn-discrete)

A signal of $m$ and a filter of $k$ values overlap in $m+k-1$ positions. You have done this at school: to multiply polynomials, collect for each power $n$ all products of coefficients whose indices add up to $n$.
"""


# %%
def convolve(f, g):
    out = np.zeros(len(f) + len(g) - 1, np.result_type(f, g))
    for n in range(len(out)):
        for k in range(len(f)):
            if 0 <= n - k < len(g):
                out[n] += f[k] * g[n - k]
    return out


verify(
    "[1, 2, 3] * [0, 1, ½]",
    convolve(np.array([1, 2, 3]), np.array([0, 1, 0.5])),
    [0, 1, 2.5, 4, 1.5],
)
rng = np.random.default_rng(11)
a, b = rng.integers(1, 9, 12), rng.integers(-9, 0, 5)
verify("two loops, against numpy, on integers", convolve(a, b), np.convolve(a, b))
verify("polynomial product, against numpy's", convolve(a, b), np.polymul(a, b))
verify(
    "its value at 2 is the product of the values at 2",
    np.polyval(convolve(a, b), 2),
    np.polyval(a, 2) * np.polyval(b, 2),
)


# %% tags=["hide-input"]
def step_by_step(n):
    f, g = np.array([1, 2, 3, 2]), np.array([0, 1, 0.5])
    fig, (top, bottom) = plt.subplots(2, 1, figsize=(plot.WIDTH, 3.2), sharex=True)
    top.bar(range(4), f, 0.35, color=plot.BLUE, label="$f[k]$")
    at = n - np.arange(3)
    top.bar(at + 0.36, g, 0.35, color=plot.ORANGE, label="$g[n-k]$, flipped")
    top.set(ylim=(0, 4), xlim=(-2.6, 7.6))
    top.legend(loc="upper right", ncols=2)
    out = convolve(f, g)
    bottom.bar(range(n + 1), out[: n + 1], 0.6, color=plot.RED)
    bottom.set(
        ylim=(0, 4.6),
        xlabel="$k$ (above), $n$ (below)",
        title=f"$(f*g)[{n}]$ = {out[n]:g}",
    )
    return fig


explore(
    step_by_step,
    alt="Bars of a signal of four values, the flipped filter of three values under it at position n, and below the results so far",
    n=[2, 0, 1, 3, 4, 5],
)

# %% [markdown]
r"""
(multidimensional-convolution)=
In two dimensions there is a shift for each axis, in $d$ dimensions $d$ of them:

$$
(f*g)[m,n]=\sum_{k,l}f[k,l]\,g[m-k,n-l].
$$ (eq-cnn-2d)

If the kernel is an outer product $ab^\top$, the double sum splits: first down all columns with $a$, then along all rows with $b$, $2k$ multiplications a pixel instead of $k^2$. A Gaussian is such a kernel, and so is Sobel's edge filter.
"""


# %%
def convolve2d(f, g):
    out = np.zeros(np.add(f.shape, g.shape) - 1)
    for k, l in np.ndindex(f.shape):  # each pixel spreads a copy of g
        out[k : k + g.shape[0], l : l + g.shape[1]] += f[k, l] * g
    return out


rng = np.random.default_rng(12)
f, g = rng.normal(size=(8, 9)), rng.normal(size=(3, 4))
verify(
    "copies of the kernel, against scipy",
    convolve2d(f, g),
    signal.convolve2d(f, g),
    atol=1e-12,
)
verify(
    "… and against scipy's Fourier route",
    convolve2d(f, g),
    signal.fftconvolve(f, g),
    atol=1e-12,
)
a, b = rng.normal(size=(2, 5))
passes = signal.convolve2d(signal.convolve2d(f, a[:, None]), b[None])
verify(
    "kernel abᵀ: two passes of one dimension",
    passes,
    convolve2d(f, np.outer(a, b)),
    atol=1e-12,
)

# %% mystnb={"image": {"classes": "photo", "alt": "A grey photograph of a flower, the same blurred by a Gaussian, and its edges found by Sobel filters in both directions."}}
flower = (
    datasets.load_sample_image("flower.jpg")[:426]
    .reshape(213, 2, 320, 2, 3)
    .mean((1, 3, 4))
    / 255
)
bell = stats.norm.pdf(np.arange(-8, 9), 0, 2.5)
bell = bell / bell.sum()
soft = signal.convolve2d(flower, np.outer(bell, bell), "same", "symm")
sobel = np.outer([1, 2, 1], [1, 0, -1])
edges = np.hypot(
    *(signal.convolve2d(flower, s, "same", "symm") for s in (sobel, sobel.T))
)
show([flower, soft, edges], ["flower", "Gaussian", "Sobel, length of both"], 2.0)
plt.show()

# %%
verify(
    "Sobel's edges, against scipy.ndimage",
    edges,
    np.hypot(ndimage.sobel(flower, 0), ndimage.sobel(flower, 1)),
    atol=1e-12,
)
verify(
    "Gaussian, against scipy.ndimage",
    soft,
    ndimage.gaussian_filter(flower, 2.5, radius=8),
    atol=1e-12,
)

# %% [markdown]
r"""
### Without the flip

(rotation-by-180)=
Write $\operatorname{rot180}(x)_i=x_{-i}$ for the array with every axis flipped, a half turn of a picture. Doing it twice does nothing, and it passes through a convolution: $\operatorname{rot180}(a*b)=\operatorname{rot180}(a)*\operatorname{rot180}(b)$.
"""


# %%
def rot180(x):
    return np.flip(x)


verify("flipping both axes is a half turn", rot180(f), np.rot90(f, 2))
verify("two half turns", rot180(rot180(f)), f)
verify(
    "rot180(f * g) = rot180(f) * rot180(g)",
    rot180(convolve2d(f, g)),
    convolve2d(rot180(f), rot180(g)),
    atol=1e-12,
)

# %% [markdown]
r"""
(cross-correlation)=
:::{prf:definition} Cross-correlation
:label: def-cnn-correlation
$$
(h\star f)[u]=\sum_th[t]\,f[u+t]=(\bar h*f)[u],\qquad\bar h[t]=h[-t].
$$ (eq-cnn-correlation)
:::

Put the pattern $h$ at $u$, multiply, add: an inner product that slides. It is large where the signal looks like $h$. The second form follows by $s=-t$: $\sum_th[t]f[u+t]=\sum_sh[-s]f[u-s]$. It is not commutative: with $v=u+t$, $(h\star f)[u]=\sum_vf[v]\,h[v-u]=(f\star h)[-u]$, the mirror image.

What deep learning calls convolution is this. Nobody minds, because the kernel is learned: if the flipped one is needed, the flipped one will be found.
"""

# %%
rng = np.random.default_rng(13)
f, g, h = rng.normal(size=(9, 8)), rng.normal(size=(3, 3)), rng.normal(size=4)
as_image = lambda a: torch.tensor(a)[None, None]
ours = F.conv2d(as_image(f), as_image(g))[0, 0]
by_loop = [
    [
        sum(g[k, l] * f[i + k, j + l] for k in range(3) for l in range(3))
        for j in range(6)
    ]
    for i in range(7)
]
verify("torch's conv2d is the sliding inner product", ours, by_loop, atol=1e-12)
verify("… scipy's correlate2d", ours, signal.correlate2d(f, g, "valid"), atol=1e-12)
verify(
    "… and convolution with the kernel turned by 180°",
    ours,
    signal.convolve2d(f, rot180(g), "valid"),
    atol=1e-12,
)
x = f.ravel()[:20]
row = F.conv1d(torch.tensor(x)[None, None], torch.tensor(h)[None, None])[0, 0]
verify("conv1d is np.correlate", row, np.correlate(x, h, "valid"), atol=1e-12)
verify(
    "… and np.convolve with the flipped kernel",
    row,
    np.convolve(x, h[::-1], "valid"),
    atol=1e-12,
)

# %%
swap = np.correlate(x, h, "full"), np.correlate(h, x, "full")
verify(
    "correlation with swapped arguments: the mirror image",
    swap[1],
    swap[0][::-1],
    atol=1e-12,
)
verify_at_least("… which is something else", abs(swap[0] - swap[1]).max(), 0.1)
verify(
    "a symmetric kernel: both operations agree",
    np.correlate(x, bell, "valid"),
    np.convolve(x, bell, "valid"),
    atol=1e-12,
)

# %% [markdown]
r"""
:::{admonition} Three ways to lose the flip
:class: correction
**The notes say** $h*f=\bar h*f$ for cross-correlation; that without the flip the kernel is "just $g(t)$"; and that the layers of a CNN compute convolutions.

**Right is:** $h\star f=\bar h*f$, and the two agree only for symmetric $h$. The kernel of correlation is $g(t-x)$, shifted but not mirrored; $g(t)$ would give one constant. CNN layers, as implemented, compute cross-correlations.
:::
"""

# %%
verify_at_least(
    "asymmetric kernel: convolution minus correlation",
    abs(np.convolve(x, h, "valid") - np.correlate(x, h, "valid")).max(),
    0.1,
)
constant = [np.sum(x[:4] * h) for _ in range(5)]  # ∫ f(t) g(t) dt knows no position
verify(
    "with g(t) instead of g(t − x): spread over positions",
    np.ptp(constant),
    0.0,
    atol=1e-12,
)

# %% [markdown]
r"""
(edge-detection-filter)=
(four-by-four-kernel-example)=
Two kernels worth computing by hand. Rows $(1,0,-1)$ respond to change from left to right, that is to vertical edges; on a step from 0 to 1, correlation gives $0-3$, convolution $+3$. And for a kernel of size four, $o(i,j)=\sum_{k=0}^3\sum_{l=0}^3I(i+k,j+l)K(k,l)$, an $n\times n$ picture leaves $(n-3)\times(n-3)$ positions.
"""

# %%
step = np.repeat(np.array([[0.0] * 4 + [1.0] * 4]), 8, axis=0)
vertical = np.array([[1.0, 0, -1]] * 3)
columns = np.array([0, 0, 3.0, 3, 0, 0])  # non-zero where the window straddles the edge
verify(
    "step edge: convolution",
    signal.convolve2d(step, vertical, "valid"),
    np.tile(columns, (6, 1)),
)
verify(
    "step edge: correlation",
    signal.correlate2d(step, vertical, "valid"),
    np.tile(-columns, (6, 1)),
)
verify(
    "step edge: the transposed kernel sees nothing",
    signal.correlate2d(step, vertical.T, "valid"),
    np.zeros((6, 6)),
)

# %%
kernel = np.random.default_rng(14).normal(size=(4, 4))
out = np.zeros((5, 5))
for i, j, k, l in np.ndindex(5, 5, 4, 4):
    out[i, j] += digit[i + k, j + l] * kernel[k, l]
windows = np.lib.stride_tricks.sliding_window_view(digit, (4, 4)).reshape(25, 16)
verify(
    "4×4 kernel on a digit: four loops against torch",
    F.conv2d(as_image(digit), as_image(kernel))[0, 0],
    out,
    atol=1e-12,
)
verify(
    "… and as windows times kernel",
    (windows @ kernel.ravel()).reshape(5, 5),
    out,
    atol=1e-12,
)

# %% [markdown]
r"""
On a photograph one sees what a kernel looks for. Turn an oriented edge filter: bright is where the picture brightens along the arrow's direction.
"""

# %% tags=["hide-input"]
yy, xx = np.mgrid[-5:6, -5:6]


def oriented(angle):
    """Derivative of a Gaussian bump along the direction of that angle."""
    a = np.radians(angle)
    return (xx * np.cos(a) + yy * np.sin(a)) * np.exp(-(xx**2 + yy**2) / 6)


def turn_filter(angle):
    fig, (left, right) = plt.subplots(
        1, 2, figsize=(plot.WIDTH, 2.7), width_ratios=[1, 2.4]
    )
    response = signal.fftconvolve(photo[:160, 20:200], rot180(oriented(angle)), "valid")
    left.imshow(oriented(angle), cmap="gray")
    right.imshow(response, cmap="gray", vmin=-6, vmax=6, interpolation="bilinear")
    left.set_title("kernel")
    right.set_title("response of the photograph")
    for ax in (left, right):
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    return fig


explore(
    turn_filter,
    alt="An edge filter turned step by step and its response over the photograph of the temple: upright columns light up at 0 degrees, the roof's horizontal lines at 90",
    angle=[0, 45, 90, 135],
)

# %%
slope = np.add.outer(
    np.zeros(11), np.arange(11.0)
)  # a picture that brightens to the right
verify(
    "a picture that brightens to the right, filters at 0°, 90°, 180°: ratio of responses",
    [np.sum(oriented(a) * slope) / np.sum(oriented(0) * slope) for a in (0, 90, 180)],
    [1, 0, -1],
    atol=1e-10,
)

# %% [markdown]
r"""
### As a matrix

(toeplitz-matrix)=
:::{prf:theorem} Convolution is a Toeplitz matrix
:label: thm-cnn-toeplitz
A matrix is *Toeplitz* if $H_{ij}=c_{i-j}$: constant along each diagonal, $n+k-1$ numbers for $n\times k$ entries. For $f\in\mathbb R^n$, $h*f=Hf$ with $H_{ij}=h[i-j]$, a banded Toeplitz matrix whose columns are shifted copies of $h$.
:::

The proof is [the definition](#eq-cnn-discrete) read as a row times a column. In two dimensions, flatten the picture: blocks for the rows of the picture, and inside each block the columns, Toeplitz on both levels.
"""

# %%
rng = np.random.default_rng(15)
f, h = rng.normal(size=9), rng.normal(size=4)
H = linalg.toeplitz(np.r_[h, np.zeros(8)], np.r_[h[0], np.zeros(8)])  # (12, 9)
verify("Toeplitz matrix times signal", H @ f, np.convolve(h, f), atol=1e-12)
verify(
    "entries of the matrix, and different numbers in it",
    (H.size, len(np.unique(H[H != 0]))),
    (108, 4),
)
g = rng.normal(size=(3, 3))
W = np.array([signal.convolve2d(e.reshape(6, 6), g).ravel() for e in np.eye(36)]).T
blocks = W.reshape(8, 8, 6, 6)  # (row out, column out, row in, column in)
verify(
    "2-d: the block depends on the difference of rows only",
    blocks[2, :, 1],
    blocks[5, :, 4],
)
verify(
    "… and each block is the Toeplitz matrix of a kernel row",
    blocks[3, :, 2],
    linalg.toeplitz(np.r_[g[1], np.zeros(5)], np.r_[g[1, 0], np.zeros(5)]),
)

# %% mystnb={"image": {"alt": "Left a banded 12 by 9 matrix with constant diagonals, right the 64 by 36 matrix of a two-dimensional convolution: a band of three blocks, each banded itself."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(plot.WIDTH, 3.4))
for ax, matrix, title in zip(axes, (H, W), ("four taps, 1-d", "3×3 kernel, 2-d")):
    ax.imshow(np.where(matrix == 0, np.nan, matrix), cmap="cividis", aspect="auto")
    ax.set(title=title, xlabel="input", ylabel="output")
    ax.grid(False)
plt.show()
# %% [markdown]
r"""
## What commutes with shifts

(translation-equivariance)=
Shift a picture and then filter it, or filter it and then shift the result. On a torus (or on the infinite plane) it makes no difference:

:::{prf:theorem} Convolution commutes with translations
:label: thm-cnn-equivariance
$(T_vf)*g=T_v(f*g)$.
:::

:::{prf:proof}
Substitute $s=t-v$ in $\int f(t-v)\,g(x-t)\,dt=\int f(s)\,g\bigl((x-v)-s\bigr)\,ds=(f*g)(x-v)$.
:::

A map $G$ with $G(T_vf)=T_v(Gf)$ is called *translation equivariant*. (Signal processing says "shift invariant" for the same thing; in deep learning [invariance](#eq-cnn-invariance) means something else.) With zeros outside the picture the border breaks it, and a dense layer breaks it everywhere.
"""


# %%
def cyclic(f, g):
    """Cyclic cross-correlation layer: torch's conv2d with circular padding, kernel 3×3."""
    f = torch.tensor(np.array(f))[None, None]
    return F.conv2d(F.pad(f, (1, 1, 1, 1), "circular"), as_image(g))[0, 0].numpy()


zero_padded = lambda f, g: F.conv2d(as_image(f), as_image(g), padding=1)[0, 0].numpy()
move = lambda f: np.roll(f, (2, 3), (0, 1))
rng = np.random.default_rng(16)
g, A = rng.normal(size=(3, 3)), rng.normal(size=(64, 64))
dense_layer = lambda f: (A @ f.ravel()).reshape(8, 8)
frame = np.pad(digit, 4)
for f in (digit, frame):
    verify(
        f"{len(f)}×{len(f)} digit, cyclic: shift then filter = filter then shift",
        cyclic(move(f), g),
        move(cyclic(f, g)),
        atol=1e-12,
    )
by_index = [
    [
        sum(
            g[k, l] * digit[(i + k - 1) % 8, (j + l - 1) % 8]
            for k in range(3)
            for l in range(3)
        )
        for j in range(8)
    ]
    for i in range(8)
]
verify(
    "the cyclic layer, against the sum over indices modulo 8",
    cyclic(digit, g),
    by_index,
    atol=1e-12,
)
gap = abs(zero_padded(move(digit), g) - move(zero_padded(digit, g)))
verify_at_least(
    "zero padding: largest difference between the two orders", gap.max(), 0.1
)
verify_at_least(
    "dense layer: largest difference between the two orders",
    abs(dense_layer(move(digit)) - move(dense_layer(digit))).max(),
    1.0,
)

# %% mystnb={"image": {"classes": "photo", "alt": "Four pictures in a square: a digit, the shifted digit, and their filtered versions; going right then down gives the same picture as down then right."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 2, figsize=(4.6, 4.2))
panels = (
    frame,
    move(frame),
    cyclic(frame, sobel * 1.0),
    cyclic(move(frame), sobel * 1.0),
)
for ax, image, title in zip(axes.flat, panels, ("$f$", "$Tf$", "$Gf$", "$GTf=TGf$")):
    ax.imshow(image, cmap="gray")
    ax.set(title=title, xticks=[], yticks=[])
    ax.grid(False)
fig.supxlabel("shift →", fontsize=11)
fig.supylabel("← filter", fontsize=11)
plt.show()

# %% [markdown]
r"""
:::{admonition} Commuting needs no linearity
:class: correction
**The notes say** that one may speak of commuting only for linear operators.

**Right is:** $GT=TG$ makes sense for any two maps. The ReLU, applied to each pixel, is not linear and commutes with every shift. Linearity is needed for the converse: linear *and* equivariant implies convolution.
:::
"""

# %%
relu = lambda f: np.maximum(f, 0)
f = rng.normal(size=(8, 8))
verify("ReLU commutes with shifts", relu(move(f)), move(relu(f)))
verify_at_least(
    "… and is not linear: |relu(f) + relu(−f) − relu(0)|",
    abs(relu(f) + relu(-f) - relu(0 * f)).max(),
    1.0,
)

# %% [markdown]
r"""
(equivariance-vs-invariance)=
*Equivariant*, $G(Tf)=T(Gf)$: the shift is visible in the output. *Invariant*, $G(Tf)=Gf$: the output is blind to it. A stack of equivariant layers followed by a pooling over *all* places is invariant, which is the whole secret of the network [above](#translation-invariance).

Why not be invariant from the first layer? Because there is hardly anything to choose from: a linear functional $a^\top f$ that ignores all cyclic shifts has $a^\top(S-I)=0$ for the one-step shift $S$, so all its entries are equal. It is a multiple of the sum of the pixels.
"""

# %%
layer = lambda f: relu(cyclic(f, g) - 0.2)
verify(
    "conv + ReLU: the output moves along",
    layer(move(digit)),
    move(layer(digit)),
    atol=1e-12,
)
for name, pool in (("average", np.mean), ("maximum", np.max)):
    verify(
        f"… its global {name} stays",
        pool(layer(move(digit))),
        pool(layer(digit)),
        atol=1e-12,
    )
S = np.roll(np.eye(64), 1, axis=0)  # (Sf)[i] = f[i − 1]
blind_to = linalg.null_space(S.T - np.eye(64))
verify(
    "dimension of the invariant linear functionals on 64 values", blind_to.shape[1], 1
)
verify(
    "… spanned by the sum: its entries over the first",
    blind_to[:, 0] / blind_to[0, 0],
    np.ones(64),
    rtol=1e-9,
)

# %% [markdown]
r"""
(convolution-linearity)=
Now the converse. $G:f\mapsto f*g$ is linear because the integral is. In the cyclic case its matrix, built column by column from the basis vectors, is *circulant*: every column is the one before, moved down by one. Circulant matrices commute with the shift, so they share [its eigenvectors](#eigenvalues-and-eigenvectors), the Fourier modes $e^{2\pi iun/N}$. What are the eigenvalues?

$$
\sum_kg[k]\,e^{2\pi iu(n-k)/N}=\underbrace{\Bigl(\sum_kg[k]\,e^{-2\pi iuk/N}\Bigr)}_{\hat g[u]}\;e^{2\pi iun/N}
$$ (eq-cnn-eigenvalue)

The discrete Fourier transform of $g$.
"""


# %%
def circular(f, g):
    """(f * g)[n] = Σₖ f[k] g[n − k] with indices modulo N."""
    N = len(f)
    return np.array([sum(f[k] * g[(n - k) % N] for k in range(N)) for n in range(N)])


rng = np.random.default_rng(17)
g8, f8, h8 = rng.normal(size=(3, 8))
C = np.array([circular(e, g8) for e in np.eye(8)]).T
verify(
    "f * g is linear in f",
    circular(2 * f8 - 3 * h8, g8),
    2 * circular(f8, g8) - 3 * circular(h8, g8),
    atol=1e-12,
)
verify("its matrix is circulant", C, linalg.circulant(g8), atol=1e-14)
n = np.arange(8)
modes = np.exp(2j * np.pi * np.outer(n, n) / 8)  # a mode a column
verify(
    "Fourier modes are its eigenvectors, DFT of g the eigenvalues",
    C @ modes,
    modes * np.fft.fft(g8),
    atol=1e-12,
)
f64, g64 = rng.normal(size=(2, 64))
verify(
    "cyclic convolution is commutative",
    circular(f64, g64),
    circular(g64, f64),
    atol=1e-12,
)

# %% [markdown]
r"""
:::{admonition} Functions, not values
:class: correction
**The notes say** that linearity means $G(f+h)(x)=G(f(x))+G(h(x))$.

**Right is:** $\bigl(G(f+h)\bigr)(x)=(Gf)(x)+(Gh)(x)$. $G$ eats whole functions; of a single value it can make nothing.
:::

To see that this is more than spelling: feed $G$ the value $f(3)$ (as a constant function), and compare with $(Gf)(3)$.
"""

# %%
verify(
    "(G(f + h))(3) = (Gf)(3) + (Gh)(3)",
    circular(f8 + h8, g8)[3],
    circular(f8, g8)[3] + circular(h8, g8)[3],
    atol=1e-12,
)
verify_at_least(
    "G of the value f(3) against (Gf)(3): difference",
    abs(circular(np.full(8, f8[3]), g8)[3] - circular(f8, g8)[3]),
    0.1,
)

# %% [markdown]
r"""
(lti-operators-are-convolutions)=
:::{prf:theorem} Linear and equivariant means convolution
:label: thm-cnn-lti
If $T$ is linear and commutes with all translations, then $Tf=f*h$ with the *impulse response* $h=T\delta$.
:::

:::{prf:proof}
Every discrete signal is a sum of shifted impulses, $f=\sum_kf[k]\,T_k\delta$. Linearity, then equivariance:

$$
Tf=\sum_kf[k]\,T(T_k\delta)=\sum_kf[k]\,T_k(T\delta)=\sum_kf[k]\,h[\,\cdot-k]=f*h .
$$

(For infinitely many terms $T$ must also be continuous. In continuous time $h$ may be a distribution: $\delta$ for the identity, $\delta'$ for the derivative.)
:::

This is the answer to the opening question. Want linear layers, want all places treated alike: there is nothing but convolution. And the two properties can be asked on a sphere or on a graph, where "convolution" will then mean whatever has them.

Clap your hands once in a hall, record the echo, and you know what the hall does to any symphony. Below, three black boxes are clapped at; a fourth, whose gain depends on the place, betrays itself.
"""

# %%
average = lambda f: (np.roll(f, 1) + f + np.roll(f, -1)) / 3
difference = lambda f: f - np.roll(f, 1)
black_boxes = {
    "moving average": average,
    "difference": difference,
    "both": lambda f: difference(average(f)),
    "gain by place": lambda f: np.linspace(1, 2, 32) * f,
}
delta = np.eye(32)[0]
signals = np.random.default_rng(18).normal(size=(100, 32))
for name, box_ in black_boxes.items():
    h = box_(delta)
    gap = max(abs(box_(f) - circular(f, h)).max() for f in signals[:20])
    verify(f"{name}: one clap tells all", bool(gap < 1e-12), name != "gain by place")

# %% [markdown]
r"""
A dense matrix can be *made* equivariant: average $S^{k}MS^{-k}$ over all shifts. What remains is the circulant matrix whose entries are the means of $M$ along its (cyclic) diagonals; of $N^2$ numbers, $N$ survive.
"""

# %%
M = np.random.default_rng(19).normal(size=(64, 64))
mean = sum(np.roll(M, (k, k), (0, 1)) for k in range(64)) / 64
along = [np.mean([M[(i + d) % 64, i] for i in range(64)]) for d in range(64)]
verify(
    "average of SᵏMS⁻ᵏ: the circulant of the diagonal means",
    mean,
    linalg.circulant(along),
    atol=1e-14,
)
verify("… commutes with the shift", mean @ S, S @ mean, atol=1e-14)
Sk = np.linalg.matrix_power(S, 5)
verify(
    "rolling both axes by 5 is S⁵MS⁻⁵",
    np.roll(M, (5, 5), (0, 1)),
    Sk @ M @ Sk.T,
    atol=1e-14,
)

# %% [markdown]
r"""
:::{admonition} Which theorem is the convolution theorem?
:class: correction
**The notes say** "Convolution Theorem" for the statement just proved.

**Right is:** that name belongs to $\mathcal F(f*h)=\mathcal Ff\cdot\mathcal Fh$, which comes now.
:::

## Waves see a convolution as a product

(fourier-transform)=
:::{prf:definition} Fourier transform
:label: def-cnn-fourier
$$
(\mathcal Ff)(u)=\int f(t)\,e^{-2\pi iut}\,dt,\qquad\hat f[u]=\sum_{n=0}^{N-1}f[n]\,e^{-2\pi iun/N}
$$ (eq-cnn-fourier)
:::

Linear and invertible. The discrete transform is a matrix $\Phi$ with $\Phi^*\Phi=N\,I$: [orthogonal](#orthogonal-matrix) up to scale, in complex numbers. So its inverse is $\Phi^*/N$, and lengths are kept up to $\sqrt N$ (Parseval). One function is its own transform: $e^{-\pi t^2}$.
"""


# %%
def fourier(f, u):
    part = lambda w: integrate.quad(lambda t: f(t) * w(2 * np.pi * u * t), -8, 8)[0]
    return part(np.cos) - 1j * part(np.sin)


bell_ = lambda t: np.exp(-np.pi * t**2)
us = np.array([0.0, 0.3, 1.0, 1.7])
verify(
    "the Gaussian is its own transform",
    np.array([fourier(bell_, u) for u in us]),
    bell_(us),
    atol=1e-10,
)
verify(
    "moved to the right by ½: its transform turns by e^(−πiu)",
    np.array([fourier(lambda t: bell_(t - 0.5), u) for u in us]),
    bell_(us) * np.exp(-1j * np.pi * us),
    atol=1e-10,
)
n = np.arange(64)
Phi = np.exp(-2j * np.pi * np.outer(n, n) / 64)
verify("DFT matrix, against numpy's fft", Phi @ f64, np.fft.fft(f64), atol=1e-10)
verify(
    "its conjugate transpose over N inverts it",
    Phi.conj().T @ Phi / 64,
    np.eye(64),
    atol=1e-12,
)
verify(
    "Parseval: |f̂|² = N |f|²",
    np.sum(abs(Phi @ f64) ** 2),
    64 * np.sum(f64**2),
    rtol=1e-12,
)

# %% [markdown]
r"""
(convolution-theorem)=
:::{prf:theorem} Convolution theorem
:label: thm-cnn-fourier
$\mathcal F(f*h)=\mathcal Ff\cdot\mathcal Fh$. For the DFT the convolution is the cyclic one.
:::

:::{prf:proof}
Split the wave, $e^{-2\pi iux}=e^{-2\pi iut}\,e^{-2\pi iu(x-t)}$, and substitute $s=x-t$:

$$
\iint f(t)\,h(x-t)\,e^{-2\pi iux}\,dt\,dx=\int f(t)\,e^{-2\pi iut}\Bigl(\int h(s)\,e^{-2\pi ius}\,ds\Bigr)dt .
$$
:::

It is [the eigenvalue formula](#eq-cnn-eigenvalue) again: in the basis of waves every convolution is diagonal. With the fast Fourier transform this turns $n^2$ multiplications into about $n\log n$. To get the ordinary convolution instead of the cyclic one, append zeros until nothing wraps around.
"""


# %%
def fft_convolve(f, h):
    n = len(f) + len(h) - 1
    return np.fft.irfft(np.fft.rfft(f, n) * np.fft.rfft(h, n), n)


verify(
    "multiply the transforms: cyclic convolution",
    np.fft.ifft(np.fft.fft(f64) * np.fft.fft(g64)),
    circular(f64, g64),
    atol=1e-10,
)
verify(
    "padded with zeros: ordinary convolution",
    fft_convolve(f64, h8),
    np.convolve(f64, h8),
    atol=1e-10,
)


def clock(run, repeats=3):
    """The shortest of several runs, in seconds of CPU."""
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        spent.append(time.process_time() - start)
    return min(spent)


race = {}
for n in (2**8, 2**14):
    a, b = np.random.default_rng(20).normal(size=(2, n))
    race[n] = [
        clock(lambda: [way(a, b) for _ in range(2**14 // n)])
        for way in (np.convolve, fft_convolve)
    ]
for n, (by_sum, by_fourier) in race.items():
    what = f"{2**14} numbers in pieces of {n}, convolved by summing"
    measured(what, by_sum, ("by Fourier", by_fourier))

# %% [markdown]
r"""
Where do the two routes cross? Count: the direct sum costs $n^2$ multiplications, and three transforms of length $2n$, real, at about $\frac52N\log_2N$ operations each, cost the rest; the crossing is at $n=119$ on paper. In practice it moves, since the direct sum runs through memory in a straight line: compare the two lengths above. For the kernels of CNNs, $3\times3$, nobody uses Fourier. For a blur as wide as a hand, everybody does:
"""

# %% mystnb={"image": {"classes": "photo", "alt": "The left half of the photograph of the temple and the same blurred by a wide Gaussian that wraps around the borders."}}
r, c = (np.fft.fftfreq(n) * n for n in photo.shape)
wide_bell = np.exp(-np.add.outer(r**2, c**2) / (2 * 8**2))
wide_bell = wide_bell / wide_bell.sum()
blurred = np.fft.ifft2(np.fft.fft2(photo) * np.fft.fft2(wide_bell)).real
show(
    [photo[:, :160], blurred[:, :160]],
    ["photograph", "blurred by Fourier, σ = 8"],
    3.0,
    interpolation="bilinear",
)
plt.show()

# %%
verify(
    "blur by Fourier, against scipy's cyclic Gaussian filter",
    blurred,
    ndimage.gaussian_filter(photo, 8, mode="wrap", truncate=6),
    atol=1e-6,
)
crossing = next(n for n in range(10, 500) if n**2 > 15 * n * np.log2(2 * n))
verify("operations: the Fourier route is cheaper from n =", crossing, 119)
# %% [markdown]
r"""
## The layer

(convolutional-layer)=
:::{prf:definition} Convolutional layer
:label: def-cnn-layer
$$
x^{(l+1)}=\sigma\bigl(w^{(l)}\star x^{(l)}+b^{(l)}\bigr)
$$ (eq-cnn-layer)

A [feed-forward layer](#multilayer-perceptron) whose matrix is that of a cross-correlation. The filters $w$ are the parameters; the outputs are pictures again, *feature maps*.
:::

Three stages: an affine one (slide the filters), a detector (ReLU), and usually [pooling](#pooling). Stacked, they look for edges, then for textures made of edges, then for shapes made of these. First, that it *is* a feed-forward layer: push the 64 unit pictures through `Conv2d` and out comes its matrix.
"""

# %%
torch.manual_seed(0)
conv = nn.Conv2d(1, 1, 3, padding=1).double()
with torch.no_grad():
    W = (conv(torch.eye(64).double().view(64, 1, 8, 8)) - conv.bias).view(64, 64).T
    x = torch.tensor(digit).view(1, 1, 8, 8)
    verify(
        "the layer is a 64×64 matrix times the pixels, plus a bias",
        conv(x).flatten(),
        W @ x.flatten() + conv.bias,
        atol=1e-12,
    )
verify(
    "non-zeros in the rows of the matrix: corner, edge, inside",
    tuple(int(torch.count_nonzero(W[k])) for k in (0, 3, 27)),
    (4, 6, 9),
)
verify("different weights in it", len(torch.unique(W[W != 0])), 9)

# %% mystnb={"image": {"classes": "photo", "alt": "The temple filtered by two hand-made filters, after the ReLU and after 4 by 4 max pooling: maps of upright edges and of horizontal edges, finally small."}} tags=["hide-input"]
four = torch.tensor(np.stack([s * k for k in (sobel, sobel.T) for s in (1.0, -1.0)]))
stages = [F.conv2d(as_image(photo), four[:, None])]
stages += [F.relu(stages[0])]
stages += [F.max_pool2d(stages[1], 4)]
fig, axes = plt.subplots(2, 3, figsize=(plot.WIDTH, 3.3))
for row, channel in zip(axes, (0, 2)):
    for ax, stage, name in zip(row, stages, ("convolution", "ReLU", "max pooling")):
        ax.imshow(
            stage[0, channel, : stage.shape[2] * 3 // 4, : stage.shape[3] // 2],
            cmap="gray",
            vmin=-1.5 if name == "convolution" else 0,
            vmax=1.5,
        )
        ax.set(xticks=[], yticks=[], title=name if channel == 0 else "")
        ax.grid(False)
plt.show()

# %%
verify(
    "shapes after convolution, detector, pooling",
    tuple(tuple(s.shape) for s in stages),
    ((1, 4, 211, 318), (1, 4, 211, 318), (1, 4, 52, 79)),
)
verify(
    "the detectors of a filter and its negative: difference and sum",
    torch.stack([stages[1][0, 0] - stages[1][0, 1], stages[1][0, 0] + stages[1][0, 1]]),
    torch.stack([stages[0][0, 0], stages[0][0, 0].abs()]),
    atol=1e-12,
)

# %% [markdown]
r"""
What does a network choose when it may choose? The filters of the first layer of the CNN trained on digits at the start of the chapter: light and dark on two sides of a line, at various angles.
"""

# %% mystnb={"image": {"classes": "photo", "alt": "Six learned 3 by 3 filters, most with light and dark halves, and below the feature maps they make of a handwritten digit."}} tags=["hide-input"]
trained = cnns[0]
with torch.no_grad():
    maps = F.relu(trained[1](X_test[3].view(1, 1, 8, 8)))[0]
best = maps.amax((1, 2)).argsort(descending=True)[:6]
fig, axes = plt.subplots(2, 6, figsize=(plot.WIDTH, 2.4))
for column, k in zip(axes.T, best):
    column[0].imshow(trained[1].weight[k, 0].detach(), cmap="gray")
    column[1].imshow(maps[k], cmap="gray")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
axes[0, 0].set_ylabel("filter")
axes[1, 0].set_ylabel("map")
plt.show()

# %% [markdown]
r"""
### At the border

(padding)=
A kernel of size $k$ fits into $n$ values at $n-k+1$ places. Want more? Then values outside must be invented: zeros, another constant, or a cyclic copy. With $p$ of them on every side,

$$
n+2p-k+1
$$ (eq-cnn-padding)

outputs. *Valid* is $p=0$; *same*, $p=\frac{k-1}2$ for odd $k$, keeps the size; *full*, $p=k-1$, uses every overlap.
"""

# %%
five, w3 = torch.ones(1, 1, 5, 5).double(), torch.ones(1, 1, 3, 3).double() / 9
verify(
    "5×5 picture, 3×3 kernel: output side for p = 0, 1, 2",
    tuple(F.conv2d(five, w3, padding=p).shape[3] for p in range(3)),
    (3, 5, 7),
)
for n, k in itertools.product(range(7, 11), (3, 5)):
    lengths = [
        len(np.convolve(np.ones(n), np.ones(k), m)) for m in ("valid", "same", "full")
    ]
    verify(
        f"n = {n}, k = {k}: lengths valid, same, full",
        tuple(lengths),
        tuple(n + 2 * p - k + 1 for p in (0, (k - 1) // 2, k - 1)),
    )
    by_torch = [
        F.conv1d(torch.ones(1, 1, n), torch.ones(1, 1, k), padding=m).shape[2]
        for m in ("valid", "same")
    ]
    verify("… torch's valid and same", by_torch, lengths[:2])
grey = F.conv2d(five, w3, padding=1)[0, 0]
verify(
    "mean of a constant picture with zero padding: corner, edge, inside",
    [grey[0, 0], grey[0, 2], grey[2, 2]],
    [4 / 9, 6 / 9, 1.0],
    rtol=1e-12,
)

# %% [markdown]
r"""
:::{admonition} What is the same?
:class: correction
**The notes say** that "same" means padding with the same constant, 0.

**Right is:** the *size* is the same. What to fill in is a separate choice, and zeros are not neutral: a mean over a white wall comes out grey at the border.
:::
"""

# %%
for mode in ("zeros", "reflect", "replicate", "circular"):
    same = nn.Conv2d(1, 1, 3, padding="same", padding_mode=mode, bias=False)
    same.weight.data.fill_(1 / 9)
    with torch.no_grad():
        wall = same(torch.ones(1, 1, 5, 5))[0, 0]
    verify(f"padding with {mode}: same size", tuple(wall.shape), (5, 5))
    verify(
        "… corner of a white wall",
        wall[0, 0],
        4 / 9 if mode == "zeros" else 1.0,
        rtol=1e-6,
    )

# %% mystnb={"image": {"alt": "Mean filter on a constant picture: with zero padding the border and the corners are darker, with circular padding the picture stays constant."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(plot.WIDTH, 2.6))
walls = (grey, F.conv2d(F.pad(five, (1, 1, 1, 1), "circular"), w3)[0, 0])
for ax, wall, name in zip(axes, walls, ("zero padding", "circular padding")):
    picture = ax.imshow(wall, vmin=0.4, vmax=1)
    ax.set(title=name, xticks=[], yticks=[])
    ax.grid(False)
fig.colorbar(picture, ax=axes)
plt.show()

# %% [markdown]
r"""
### Skipping places

(stride)=
Often neighbouring outputs are nearly equal. *Stride* $s$ evaluates every $s$-th place only: the result of stride 1, subsampled, for $1/s^2$ of the work. The price is paid in equivariance, which now holds for shifts by multiples of $s$ only.
"""

# %%
rng = np.random.default_rng(21)
image, w = rng.normal(size=(1, 1, 12, 12)), rng.normal(size=(1, 1, 3, 3))
image, w = torch.tensor(image), torch.tensor(w)
for s in (2, 3):
    verify(
        f"stride {s} is stride 1, every {s}-th value",
        F.conv2d(image, w, stride=s),
        F.conv2d(image, w)[..., ::s, ::s],
        atol=1e-12,
    )
around = lambda x: F.conv2d(F.pad(x, (1, 1, 1, 1), "circular"), w, stride=2)
verify(
    "stride 2: shift by 2 in, shift by 1 out",
    around(image.roll(2, 3)),
    around(image).roll(1, 3),
    atol=1e-12,
)
off = min(
    (around(image.roll(1, 3)) - around(image).roll(v, 3)).abs().max().item()
    for v in range(6)
)
verify_at_least(
    "stride 2: shift by 1 in, distance to any shift of the output", off, 0.1
)

# %% [markdown]
r"""
(convolution-output-size)=
All of it in one formula. A kernel of $K$ taps with gaps, *dilation* $d$, spans $d(K-1)+1$ values. Among $I+2P$ values it starts at $0,S,2S,\dots$ as long as it fits, so

$$
O=\left\lfloor\frac{I+2P-d(K-1)-1}S\right\rfloor+1.
$$ (eq-cnn-size)

The depth of the output is the number of filters.
"""


# %%
def out_size(I, K, P=0, S=1, d=1):
    return (I + 2 * P - d * (K - 1) - 1) // S + 1


tried = [
    (I, K, P, S, d)
    for I, K, P, S, d in itertools.product(
        range(5, 21), range(1, 6), range(3), range(1, 4), range(1, 4)
    )
    if I + 2 * P >= d * (K - 1) + 1
]
by_torch = [
    F.conv1d(
        torch.zeros(1, 1, I, device="meta"),
        torch.zeros(1, 1, K, device="meta"),
        None,
        S,
        P,
        d,
    ).shape[2]
    for I, K, P, S, d in tried
]
verify(
    "output size, every case with I from 5 to 20 that fits, against torch",
    [out_size(*case) for case in tried],
    by_torch,
)


# %% tags=["hide-input"]
def windows_on(stride, dilation):
    fig, ax = plt.subplots(figsize=(plot.WIDTH, 3.0))
    I, Kk, P = 10, 3, 1
    O = out_size(I, Kk, P, stride, dilation)
    for k in range(-P, I + P):
        inside_ = 0 <= k < I
        ax.add_patch(
            plt.Rectangle((k, 0), 0.9, 0.7, color=plot.SKY if inside_ else "#DDDDDD")
        )
    for o in range(O):
        taps = o * stride - P + dilation * np.arange(Kk)
        ax.plot(
            taps + 0.45, np.full(Kk, -0.6 - 0.5 * o), "s-", ms=9, color=plot.RED, lw=1
        )
    ax.set(
        xlim=(-1.3, 11.3),
        ylim=(-6.3, 1.0),
        yticks=[],
        xticks=[],
        title=f"input 10, padding 1, kernel 3: {O} outputs",
    )
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return fig


explore(
    windows_on,
    alt="Ten input cells with one padded cell on each side, and below one row of three taps for each output: fewer rows for larger strides, wider gaps for larger dilation",
    stride=[1, 2, 3],
    dilation=[1, 2, 3],
)

# %% [markdown]
r"""
:::{admonition} Divide by the stride
:class: correction
**The notes say** $L=\frac{n+2p-f}2+1$.

**Right is:** $L=\bigl\lfloor\frac{n+2p-f}s\bigr\rfloor+1$ with the stride $s$, which is not always 2, and with the floor.
:::
"""

# %%
verify(
    "n = 10, p = 0, f = 3, s = 1 and 3: outputs",
    tuple(
        F.conv1d(torch.zeros(1, 1, 10), torch.zeros(1, 1, 3), stride=s).shape[2]
        for s in (1, 3)
    ),
    (8, 3),
)
verify_at_least(
    "… the notes' 4.5 is off by at least", abs((10 - 3) / 2 + 1 - np.array([8, 3])), 1.5
)

# %% [markdown]
r"""
### Channels

(channels)=
Colour pictures have three channels, feature maps have as many as there are filters. An output channel looks at *all* input channels, with a kernel for each, and adds up:

$$
y_o=\sum_cw_{oc}\star x_c+b_o
$$ (eq-cnn-channels)

so the weights form an array $(\text{out},\text{in},k,k)$. The order of the channels means nothing, as long as the slices of the filters are permuted with them.
"""

# %%
torch.manual_seed(1)
conv = nn.Conv2d(3, 4, 3).double().requires_grad_(False)
x = torch.randn(2, 3, 7, 7).double()
y_sum = torch.stack(
    [
        sum(
            F.conv2d(x[:, c : c + 1], conv.weight[o : o + 1, c : c + 1])[:, 0]
            for c in range(3)
        )
        + conv.bias[o]
        for o in range(4)
    ],
    1,
)
verify(
    "Conv2d(3, 4, 3): sum of single-channel correlations over the inputs",
    conv(x),
    y_sum,
    atol=1e-12,
)
order = torch.tensor([2, 0, 1])
verify(
    "permuted channels, permuted slices: the same output",
    F.conv2d(x[:, order], conv.weight[:, order], conv.bias),
    conv(x),
    atol=1e-12,
)
verify(
    "parameters of Conv2d(3, 4, 3), and of the depthwise Conv2d(3, 3, 3, groups=3)",
    (size(conv), size(nn.Conv2d(3, 3, 3, groups=3))),
    (112, 30),
)

# %% [markdown]
r"""
:::{admonition} Each channel separately?
:class: correction
**The notes say** that the convolution is computed for each channel separately; and that two filters turn $7\times7\times3$ into $3\times3\times2$.

**Right is:** in the usual layer the results are *summed* over the input channels; keeping them apart is the *depthwise* special case (`groups=C`). The sizes need the kernel and the stride to be told: $3\times3$ with stride 2, or $5\times5$ with stride 1; a $3\times3$ kernel with stride 1 gives $5\times5\times2$.
:::
"""

# %%
shape = lambda k, s: tuple(nn.Conv2d(3, 2, k, s)(torch.zeros(1, 3, 7, 7)).shape[1:])
verify(
    "7×7×3, two filters: 3×3 stride 2, 5×5 stride 1, 3×3 stride 1",
    (shape(3, 2), shape(5, 1), shape(3, 1)),
    ((2, 3, 3), (2, 3, 3), (2, 5, 5)),
)
depthwise = nn.Conv2d(3, 3, 3, groups=3, bias=False).double().requires_grad_(False)
apart = torch.cat(
    [F.conv2d(x[:, c : c + 1], depthwise.weight[c : c + 1]) for c in range(3)], 1
)
verify("depthwise: each channel by itself", depthwise(x), apart, atol=1e-12)

# %% [markdown]
r"""
(one-by-one-convolution)=
A $1\times1$ kernel sees no neighbours. It is one dense layer applied at every pixel, $x_{ij}^+=\sigma(Wx_{ij}+b)$ with $W\in\mathbb R^{m\times k}$; with $m<k$ a cheap way to reduce the number of channels before something expensive.
"""

# %%
one = nn.Conv2d(8, 3, 1).double().requires_grad_(False)
x8 = torch.randn(2, 8, 5, 6).double()
at_each = torch.einsum("mk,bkij->bmij", one.weight[:, :, 0, 0], x8)
verify(
    "1×1 convolution: one matrix at every pixel",
    one(x8),
    at_each + one.bias[:, None, None],
    atol=1e-12,
)
verify("its parameters: mk + m", size(one), 3 * 8 + 3)

# %% [markdown]
r"""
### The whole layer by hand

Seven loops do everything: example, output channel, row, column, and inside them input channel and the two kernel axes. It is the definition, and it is slow. But look at what the inner loops do: they multiply a window by a filter. Write every window as a row of a long matrix (`im2col`, *image to columns*), and the layer is one matrix product.
"""


# %%
def conv2d_loops(x, w, b, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    B, C, I, J = x.shape
    O, _, k, l = w.shape
    y = np.zeros((B, O, (I - k) // stride + 1, (J - l) // stride + 1))
    for n, o, i, j in np.ndindex(y.shape):
        y[n, o, i, j] = b[o]
        for c, p, q in np.ndindex(C, k, l):
            y[n, o, i, j] += w[o, c, p, q] * x[n, c, i * stride + p, j * stride + q]
    return y


def im2col(x, k, l, stride=1):
    """Every window of x (batch, C, I, J) as a column: (batch, C·k·l, places)."""
    v = x.unfold(2, k, stride).unfold(3, l, stride)  # (batch, C, rows, columns, k, l)
    B, C, rows, columns = v.shape[:4]
    return (
        v.permute(0, 1, 4, 5, 2, 3).reshape(B, C * k * l, rows * columns),
        rows,
        columns,
    )


def conv2d(x, w, b, stride=1, padding=0):
    x = F.pad(x, (padding,) * 4)
    V, rows, columns = im2col(x, *w.shape[2:], stride)
    y = w.flatten(1) @ V + b[:, None]  # (batch, out, places)
    return y.view(len(x), len(w), rows, columns)


# %%
rng = np.random.default_rng(22)
x, w, b = (
    rng.normal(size=(2, 3, 7, 8)),
    rng.normal(size=(4, 3, 3, 2)),
    rng.normal(size=4),
)
xt, wt, bt = (torch.tensor(a) for a in (x, w, b))
for stride, padding in ((1, 0), (2, 1), (3, 2)):
    truth = F.conv2d(xt, wt, bt, stride, padding)
    verify(
        f"seven loops against torch, stride {stride}, padding {padding}",
        conv2d_loops(x, w, b, stride, padding),
        truth,
        atol=1e-12,
    )
    verify(
        "… and one matrix product",
        conv2d(xt, wt, bt, stride, padding),
        truth,
        atol=1e-12,
    )

# %% [markdown]
r"""
The product itself is fast; most of the time goes into copying the windows, every pixel nine times. Windows that lie one below the other share rows, so copy along the rows only, three times, and let the *kernel's* rows be $k$ products that add up: a window row further down is the same array, read from a later place.
"""


# %%
def conv2d_rows(x, w, b, padding=0):
    """Stride 1: one copy for each kernel column, one product for each kernel row."""
    x = F.pad(x, (padding,) * 4)
    (B, C, I, J), (O, _, k, l) = x.shape, w.shape
    rows, columns = I - k + 1, J - l + 1
    V = x.unfold(3, l, 1).permute(0, 1, 4, 2, 3).reshape(B, C * l, I * columns)
    y = b[:, None].repeat(B, 1, rows * columns)  # (batch, out, places)
    for p in range(k):
        below = V[:, :, p * columns : (p + rows) * columns]  # a view
        y.baddbmm_(w[:, :, p].flatten(1).expand(B, -1, -1), below)
    return y.view(B, O, rows, columns)


for padding in (0, 2):
    verify(
        f"a product for each kernel row, padding {padding}, against torch",
        conv2d_rows(xt, wt, bt, padding),
        F.conv2d(xt, wt, bt, 1, padding),
        atol=1e-12,
    )

# %% [markdown]
r"""
How slow is that? Against torch's own kernel, on one thread, for 32 pictures of $28\times28$ with 8 channels and 16 filters of $3\times3$. And how slow are the loops?
"""

# %%
big = torch.randn(32, 8, 28, 28), torch.randn(16, 8, 3, 3), torch.randn(16)
with torch.no_grad():
    verify(
        "the two agree on the timed input",
        conv2d_rows(*big, padding=1),
        F.conv2d(*big, padding=1),
        atol=1e-3,
    )
    rounds = [
        (
            clock(lambda: conv2d_rows(*big, padding=1), 8),
            clock(lambda: F.conv2d(*big, padding=1), 8),
        )
        for _ in range(5)
    ]
ours, theirs = np.min(rounds, axis=0)
measured("windows and matrix products", ours, ("torch", theirs))
patch = rng.normal(size=(1, 8, 10, 10)), rng.normal(size=(16, 8, 3, 3)), np.zeros(16)
loops = clock(lambda: conv2d_loops(*patch), 1) * 32 * 784 / 64  # scaled by the places
measured("seven loops", loops, ("windows and matrix products", ours))

# %% [markdown]
r"""
### How many weights?

(weight-sharing)=
The same filter everywhere: this is the assumption of [self-similarity](#self-similarity), cast in code. $K$ filters of size $k\times k$ over $C$ channels have $k^2CK$ weights and $K$ biases, *whatever the size of the picture*, and the trained layer accepts pictures of any size. A dense layer has $n_{\text{in}}n_{\text{out}}$.
"""

# %%
for k, C, K in ((3, 1, 1), (3, 3, 64), (5, 6, 16), (1, 256, 64)):
    verify(
        f"{K} filters {k}×{k} over {C} channels: weights and biases",
        size(nn.Conv2d(C, K, k, device="meta")),
        k * k * C * K + K,
    )
for side, expected in ((8, 4160), (32, 1_049_600), (224, 2_517_681_152)):
    verify(
        f"dense layer between two {side}×{side} pictures",
        size(nn.Linear(side**2, side**2, device="meta")),
        expected,
    )
conv = nn.Conv2d(1, 1, 3, padding=1)
verify(
    "one 3×3 filter, 10 parameters, on an 8×8 and on a 224×224 picture",
    tuple(conv(torch.zeros(1, 1, s, s)).shape[3] for s in (8, 224)),
    (8, 224),
)
verify("… its parameters", size(conv), 10)

# %% [markdown]
r"""
(sparse-interactions)=
Two savings are in this: few connections, and shared weights. In one dimension with $n=5$ and $k=3$, an inner input reaches three outputs, a border input two: 13 connections with 3 different weights. The dense layer has 25 of both.
"""

# %%
jac = torch.autograd.functional.jacobian
rng = np.random.default_rng(23)
w1, Wd = torch.tensor(rng.normal(size=(1, 1, 3))), torch.tensor(rng.normal(size=(5, 5)))
J_conv = jac(
    lambda x: F.conv1d(x[None, None], w1, padding=1)[0, 0], torch.ones(5).double()
)
J_dense = jac(lambda x: Wd @ x, torch.ones(5).double())
for name, J, expected in (("conv", J_conv, (13, 3)), ("dense", J_dense, (25, 25))):
    verify(
        f"{name} layer from 5 to 5: connections, and different weights",
        (int(torch.count_nonzero(J)), len(torch.unique(J[J != 0]))),
        expected,
    )
verify("outputs that each input reaches", (J_conv != 0).sum(0), [2, 3, 3, 3, 2])

# %% mystnb={"image": {"alt": "Two bipartite graphs from five inputs to five outputs: the convolution has 13 lines in three colours, the dense layer 25 lines."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(plot.WIDTH, 2.3))
for ax, J, name in zip(axes, (J_conv, J_dense), ("convolution", "dense")):
    for o, i in np.argwhere(J.numpy() != 0):
        ax.plot(
            [i, o],
            [0, 1],
            color=plot.COLOURS[int(o - i + 1)] if name != "dense" else plot.GREY,
            lw=1.6 if name != "dense" else 1,
        )
    ax.plot(range(5), np.zeros(5), "ko", range(5), np.ones(5), "ko")
    ax.set(title=name, xticks=[], yticks=[0, 1], yticklabels=["in", "out"])
    ax.grid(False)
    ax.spines[:].set_visible(False)
plt.show()

# %% [markdown]
r"""
(cnn-versus-dense-parameter-count)=
Between the two lies the *locally connected* layer, which has the windows but not the sharing. For an input $m\times n\times c$ and $K$ kernels $p\times q$ there are $(m-p+1)(n-q+1)$ places:

| layer | parameters |
|---|---|
| convolution | $(pqc+1)K$ |
| locally connected | $(pqc+1)(m-p+1)(n-q+1)K$ |
| fully connected, same outputs | $(mnc+1)(m-p+1)(n-q+1)K$ |

:::{admonition} A misplaced one
:class: correction
**The notes say** $mnc(m-p+1)(n-q+1+1)K$ and $pqc(m-p+1)(n-q+1+1)K$.

**Right is:** the extra $+1$ is the bias and belongs to the first factor: $(mnc+1)$ and $(pqc+1)$.
:::
"""


# %%
class Untied(nn.Module):
    """A filter of its own for every place."""

    def __init__(self, m, n, c, K, p, q):
        super().__init__()
        self.k, places = (p, q), (m - p + 1) * (n - q + 1)
        self.w = nn.Parameter(torch.randn(places, K, c * p * q))
        self.b = nn.Parameter(torch.zeros(places, K))

    def forward(self, x):
        V, rows, columns = im2col(x, *self.k)  # (batch, c·p·q, places)
        y = torch.einsum("lkv,bvl->bkl", self.w, V) + self.b.T
        return y.view(len(x), -1, rows, columns)


m = n = 8
c, K_, p, q = 3, 4, 3, 3
conv, untied = nn.Conv2d(c, K_, (p, q)), Untied(m, n, c, K_, p, q)
full_layer = nn.Linear(m * n * c, 36 * K_)
places = (m - p + 1) * (n - q + 1)
verify(
    "parameters: convolution, locally connected, fully connected",
    [size(conv), size(untied), size(full_layer)],
    [
        (p * q * c + 1) * K_,
        (p * q * c + 1) * places * K_,
        (m * n * c + 1) * places * K_,
    ],
)
verify("… in numbers", (size(conv), size(untied), size(full_layer)), (112, 4032, 27792))
verify_at_least(
    "the notes' two formulas are off by at least",
    [m * n * c * 6 * 7 * K_ - size(full_layer), p * q * c * 6 * 7 * K_ - size(untied)],
    100,
)

# %%
untied.w.data[:] = conv.weight.data.flatten(1)
untied.b.data[:] = conv.bias.data
x = torch.randn(2, 3, 8, 8)
with torch.no_grad():
    verify(
        "equal filters at all places: locally connected is the convolution",
        untied(x),
        conv(x),
        atol=1e-5,
    )
# %% [markdown]
r"""
## How far does a unit see?

(local-connectivity-and-receptive-field)=
:::{prf:definition} Receptive field
:label: def-cnn-field
With $W^l$ the Toeplitz matrix of layer $l$, the receptive field of unit $i$ in the layer below is $\mathcal I_i^l=\{j:W_{ij}^l\ne0\}$, so that $\partial x_i^l/\partial x_j^{l-1}=0$ for $j\notin\mathcal I_i^l$. Through several layers: all inputs on which the unit can depend.
:::

One layer of $3\times3$ is short-sighted. But its inputs have seen something themselves: $L$ layers of size $k$ see $L(k-1)+1$ values along each axis. The gradient of one output tells which inputs matter; with positive weights nothing can cancel, so its support *is* the receptive field.
"""


# %%
def field(layers, side=41, channels=1):
    """Side of the square of inputs that the central output depends on, by autograd."""
    net = nn.Sequential(*layers).double()
    for parameter in net.parameters():
        parameter.data.uniform_(0.5, 1.0)
    x = torch.rand(1, channels, side, side).double().requires_grad_()
    y = net(x)
    y[0, :, y.shape[2] // 2, y.shape[3] // 2].sum().backward()
    rows = x.grad[0].abs().sum((0, 2)).nonzero()[:, 0]
    return int(rows.max() - rows.min() + 1)


verify(
    "1 to 4 layers of 3×3: side of the receptive field",
    tuple(field([nn.Conv2d(1, 1, 3) for _ in range(L)]) for L in range(1, 5)),
    (3, 5, 7, 9),
)
average_pool = lambda: nn.AvgPool2d(2)
verify(
    "with 2×2 pooling between 3×3 layers: one, two, three layers",
    tuple(
        field([a for _ in range(L) for a in (nn.Conv2d(1, 1, 3), average_pool())][:-1])
        for L in (1, 2, 3)
    ),
    (3, 8, 18),
)
verify(
    "weights of two 3×3 layers and of one 5×5, which see the same",
    (2 * 3 * 3, 5 * 5, field([nn.Conv2d(1, 1, 5)])),
    (18, 25, 5),
)

# %% [markdown]
r"""
:::{admonition} Indices, and levels
:class: correction
**The notes say** that $\mathcal I$ collects the $j$ with $W_{ji}\ne0$ and that the gradient of the loss vanishes outside; and they suggest that small filters find small features and big filters high-level ones.

**Right is:** it is $W_{ij}$ (row $i$: output), and what vanishes is $\partial x_i^l/\partial x_j^{l-1}$; the loss depends on all inputs through other units. The level of a feature is a matter of depth: a linear $11\times11$ filter is still one linear template, while five layers of $3\times3$ with ReLU see the same square and compute something that is not linear.
:::
"""

# %%
x = torch.randn(9).double().requires_grad_()
w = torch.randn(1, 1, 3).double()
out = F.conv1d(x[None, None], w)[0, 0]
row = torch.autograd.grad(out[2], x, retain_graph=True)[0]
loss_row = torch.autograd.grad((out**2).sum(), x)[0]
verify(
    "unit 2 depends on inputs 2, 3, 4", tuple(row.nonzero()[:, 0].tolist()), (2, 3, 4)
)
verify("the loss depends on all nine", int(torch.count_nonzero(loss_row)), 9)
torch.manual_seed(2)
deep = nn.Sequential(
    *[
        a
        for _ in range(5)
        for a in (nn.Conv2d(1, 4, 3) if _ == 0 else nn.Conv2d(4, 4, 3), nn.ReLU())
    ]
)
wide_one = nn.Conv2d(1, 4, 11)
u, v = torch.randn(2, 1, 1, 11, 11)
with torch.no_grad():
    bend = lambda net: (net(u + v) - net(u) - net(v) + net(0 * u)).abs().max()
    verify("one 11×11 filter: deviation from linearity", bend(wide_one), 0.0, atol=1e-5)
    verify_at_least(
        "five 3×3 layers with ReLU: deviation from linearity", bend(deep), 1e-3
    )
verify("… both see", (field(deep), field([nn.Conv2d(1, 1, 11)])), (11, 11))

# %% [markdown]
r"""
(receptive-field-recursion)=
:::{prf:theorem} Recursion for the receptive field
:label: thm-cnn-field
With $r_0=j_0=1$,

$$
r_l=r_{l-1}+(k_l-1)\,j_{l-1},\qquad j_l=j_{l-1}\,s_l .
$$ (eq-cnn-field)
:::

The *jump* $j_l$ is the distance, in pixels of the input, between neighbouring units of layer $l$. A kernel of $k_l$ taps on layer $l-1$ adds $k_l-1$ such distances to what its first tap sees already; strides multiply distances. Pooling counts as a layer. With dilation $d_l$ the kernel spans $d_l(k_l-1)$ distances.
"""


# %%
def recursion(stack):
    r = j = 1
    for k, s, d in stack:
        r, j = r + d * (k - 1) * j, j * s
    return r


rng = np.random.default_rng(24)
stacks = [
    [
        (int(rng.integers(1, 6)), int(rng.integers(1, 3)), 1)
        for _ in range(rng.integers(1, 5))
    ]
    for _ in range(20)
]
stacks = [[(max(k, s), s, d) for k, s, d in stack] for stack in stacks]  # no gaps
verify(
    "20 random stacks: recursion against the support of the gradient",
    [recursion(s) for s in stacks],
    [
        field([nn.Conv2d(1, 1, k, s, dilation=d) for k, s, d in stack], 81)
        for stack in stacks
    ],
)
verify(
    "two 3×3 layers with dilations 1 and 2, and the gradient",
    (
        recursion([(3, 1, 1), (3, 1, 2)]),
        field([nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3, dilation=2)]),
    ),
    (7, 7),
)

# %% [markdown]
r"""
The field is not seen evenly. With all weights equal, the influence of an input is the number of paths to it, and the [convolution of many boxes](#convolution) is a bell: the corners hardly count.
"""


# %% tags=["hide-input"]
def bell_field(layers):
    fig, (left, right) = plt.subplots(1, 2, figsize=(plot.WIDTH, 2.8))
    line = np.ones(1)
    for _ in range(layers):
        line = np.convolve(line, np.ones(3) / 3)
    line = np.pad(line, 12 - layers)
    left.imshow(np.outer(line, line) / line.max() ** 2, vmin=0, vmax=1)
    left.set(
        xticks=[], yticks=[], title=f"sees {2 * layers + 1}×{2 * layers + 1} of 25×25"
    )
    left.grid(False)
    right.plot(np.arange(-12, 13), line, ".-", color=plot.RED)
    right.set(ylim=(0, 0.36), xlabel="distance from the centre", title="influence")
    return fig


explore(
    bell_field,
    alt="Influence of the inputs on one output after a number of 3 by 3 layers: a square that grows, and in it a bell that grows more slowly",
    layers=[4, 1, 2, 6, 9, 12],
)


# %%
def influence(layers):
    x = torch.zeros(1, 1, 25, 25).double().requires_grad_()
    y = x
    for _ in range(layers):
        y = F.conv2d(y, torch.ones(1, 1, 3, 3).double() / 9, padding=1)
    y[0, 0, 12, 12].backward()
    return x.grad[0, 0].sum(0).numpy()


at = np.arange(-12, 13)
bell_9 = influence(9)
verify(
    "nine layers: variance of the influence is 9 · 2/3, as for sums of nine boxes",
    np.sum(bell_9 * at**2),
    6.0,
    rtol=1e-10,
)
verify(
    "… its shape is nearly normal", bell_9, stats.norm.pdf(at, 0, np.sqrt(6)), atol=4e-3
)

# %% [markdown]
r"""
### Wider without more weights

(dilated-convolution)=
Leave gaps of $d-1$ between the taps of a kernel, and one layer sees $d(K-1)+1$ values with the same $K$ weights. Double $d$ from layer to layer, $1,2,4,\dots$, and $L$ layers see

$$
1+(K-1)\sum_{l<L}2^l=1+(K-1)(2^L-1)
$$ (eq-cnn-dilated)

values: ten layers of *two* weights each, a thousand and twenty-four inputs. If the padding is all on the left, output $t$ sees nothing after $t$. Such *causal* dilated stacks are the WaveNet, which generates sound sample by sample {cite:p}`oord2016`.
"""


# %%
class CausalConv(nn.Conv1d):
    """Output t sees the inputs t, t − d, t − 2d, … only."""

    def forward(self, x):
        past = self.dilation[0] * (self.kernel_size[0] - 1)
        return super().forward(F.pad(x, (past, 0)))


def seen(layers, length=1100, t=1050):
    net = nn.Sequential(*layers).double()
    for parameter in net.parameters():
        parameter.data.uniform_(0.5, 1.0)
    x = torch.ones(1, 1, length).double().requires_grad_()
    net(x)[0, 0, t].backward()
    return x.grad[0, 0].nonzero()[:, 0]


wavenet = [CausalConv(1, 1, 2, dilation=2**l) for l in range(10)]
inputs = seen(wavenet)
verify("ten causal layers, K = 2, d = 1, 2, …, 512: inputs seen", len(inputs), 1024)
verify("… the last of them is the present", int(inputs.max()), 1050)
verify("… parameters, biases included", size(nn.Sequential(*wavenet)), 30)
verify(
    "the same ten layers without dilation see",
    len(seen([CausalConv(1, 1, 2) for _ in range(10)])),
    11,
)

# %%
rng = np.random.default_rng(25)
x, w = (
    torch.tensor(rng.normal(size=(1, 1, 30))),
    torch.tensor(rng.normal(size=(1, 1, 4))),
)
stuffed = torch.zeros(1, 1, 10).double()
stuffed[..., ::3] = w  # two zeros between the taps
verify(
    "dilation 3 is a kernel stuffed with zeros",
    F.conv1d(x, w, dilation=3),
    F.conv1d(x, stuffed),
    atol=1e-12,
)
causal = CausalConv(1, 1, 4, dilation=3, bias=False).double().requires_grad_(False)
causal.weight.data[:] = w
history = [
    sum(w[0, 0, k] * x[0, 0, t - 3 * (3 - k)] for k in range(4) if t >= 3 * (3 - k))
    for t in range(30)
]
verify(
    "causal layer, against the sum over the past",
    causal(x)[0, 0],
    torch.stack(history),
    atol=1e-12,
)

# %% [markdown]
r"""
:::{admonition} Exponential in what?
:class: correction
**The notes say** that the receptive field grows exponentially with the dilation factor.

**Right is:** in one layer it is linear in $d$. Exponential is the growth with the *number of layers*, if $d$ doubles from layer to layer; with constant $d$ the growth with depth is linear.
:::
"""

# %%
span = lambda dilations: len(
    range(
        0,
        int(
            (s := seen([CausalConv(1, 1, 2, dilation=d) for d in dilations])).max()
            - s.min()
        )
        + 1,
    )
)
verify(
    "one layer, d = 1, 2, 4, 8: extent, linear in d",
    [span([d]) for d in (1, 2, 4, 8)],
    [2, 3, 5, 9],
)
verify(
    "1 to 5 layers of constant d = 4: extent, linear in depth",
    [span([4] * L) for L in range(1, 6)],
    [1 + 4 * L for L in range(1, 6)],
)
verify(
    "1 to 5 layers of doubling d: extent, exponential in depth",
    [span([2**l for l in range(L)]) for L in range(1, 6)],
    [2, 4, 8, 16, 32],
)


# %% tags=["hide-input"]
def tree(layers, dilation):
    fig, ax = plt.subplots(figsize=(plot.WIDTH, 2.9))
    active = {0}
    for l in range(layers):
        d_top = 2 ** (layers - 1 - l) if dilation == "doubling" else 1
        height = layers - l
        lower = set()
        for t in active:
            for s in (t, t - d_top):
                lower.add(s)
                ax.plot([t, s], [height, height - 1], color=plot.RED, lw=1)
        active = lower
    for l in range(layers + 1):
        ax.plot(range(-16, 1), np.full(17, l), ".", color=plot.GREY, ms=4)
    ax.plot(sorted(active), np.zeros(len(active)), "o", color=plot.BLUE, ms=6)
    ax.set(
        ylim=(-0.3, 4.3),
        xlim=(-16.5, 0.5),
        xlabel="time",
        ylabel="layer",
        yticks=range(5),
        title=f"{len(active)} inputs seen",
    )
    return fig


explore(
    tree,
    alt="Connections from one output down through the layers to the inputs it sees: with doubling dilation a binary tree with 16 inputs after four layers, without dilation 5 inputs",
    layers=[4, 1, 2, 3],
    dilation=["doubling", "none"],
)

# %% [markdown]
r"""
## Pooling

(pooling)=
A detector has fired. Does it matter at which of four neighbouring pixels? *Pooling* replaces each $r\times r$ window of a feature map by one number without parameters:

$$
x_{ij}^{\max}=\max_{0\le k,l<r}x_{i+k,j+l},
$$ (eq-cnn-pooling)

or the minimum, the mean, or the mean weighted by a softmax, $\sum x\,e^{\beta x}/\sum e^{\beta x}$, which goes from the mean at $\beta=0$ to the maximum. Windows usually do not overlap, so the map shrinks, the following layers cost less and see farther, and small shifts matter less.
"""


# %%
def pool(x, r, how):
    rows, columns = (n // r for n in x.shape)
    return np.array(
        [
            [how(x[i * r : (i + 1) * r, j * r : (j + 1) * r]) for j in range(columns)]
            for i in range(rows)
        ]
    )


def soft(beta):
    weights = lambda x: np.exp(beta * (x - x.max()))  # the shift cancels
    return lambda x: np.sum(x * weights(x)) / np.sum(weights(x))


four_by_four = np.array([[1.0, 3, 2, 0], [0, 2, 5, 1], [7, 1, 0, 0], [2, 4, 1, 3]])
verify(
    "4×4 by hand: maxima", pool(four_by_four, 2, np.max), np.array([[3.0, 5], [7, 3]])
)
verify("… means", pool(four_by_four, 2, np.mean), np.array([[1.5, 2], [3.5, 1]]))
x = np.random.default_rng(26).normal(size=(12, 12))
verify("maxima, against torch", pool(x, 3, np.max), F.max_pool2d(as_image(x), 3)[0, 0])
verify(
    "means, against torch",
    pool(x, 3, np.mean),
    F.avg_pool2d(as_image(x), 3)[0, 0],
    atol=1e-12,
)
verify(
    "minima are negative maxima of the negative",
    pool(x, 3, np.min),
    -F.max_pool2d(-as_image(x), 3)[0, 0],
)
verify(
    "soft pooling, β = 0: the mean",
    pool(x, 3, soft(0)),
    pool(x, 3, np.mean),
    atol=1e-12,
)
verify("β = 4000: the maximum", pool(x, 3, soft(4000)), pool(x, 3, np.max), atol=1e-6)

# %% [markdown]
r"""
The gradient of a maximum reaches only the pixel that won. And how much less do shifts matter? Shift a digit by one pixel, and compare the relative change before pooling and after it.
"""

# %%
xt = torch.tensor(x).requires_grad_()
F.max_pool2d(xt[None, None], 3).sum().backward()
winner = x == np.kron(pool(x, 3, np.max), np.ones((3, 3)))
verify("max pooling: gradient 1 at the winners, 0 elsewhere", xt.grad, winner * 1.0)
digits16 = F.pad(X_test.view(-1, 1, 8, 8), (4, 4, 4, 4))
change = lambda a, b: ((a - b).flatten(1).norm(dim=1) / a.flatten(1).norm(dim=1)).mean()
shifted16 = digits16.roll(1, 3)
before = change(digits16, shifted16)
after = change(F.max_pool2d(digits16, 2), F.max_pool2d(shifted16, 2))
verify("one-pixel shift: mean relative change of a digit", before, 0.82, atol=0.02)
verify("… after 2×2 max pooling", after, 0.54, atol=0.02)
yy_, xx_ = np.mgrid[:16, :16]
blobs = np.exp(
    -((yy_ - 7.3) ** 2 + (xx_ - np.linspace(4, 11, 200)[:, None, None]) ** 2) / 12
)
blobs = torch.tensor(blobs)[:, None]
roll = blobs.roll(1, 3)
ratio = [
    change(F.max_pool2d(blobs[k : k + 1], 2), F.max_pool2d(roll[k : k + 1], 2))
    / change(blobs[k : k + 1], roll[k : k + 1])
    for k in range(200)
]
verify_at_most(
    "200 smooth blobs: change after pooling over change before", np.array(ratio), 1.0
)
cell = torch.zeros(1, 1, 4, 4)
cell[0, 0, 2, 2] = 1.0
verify(
    "a point that moves inside its cell: change after pooling",
    F.max_pool2d(cell, 2) - F.max_pool2d(cell.roll(1, 3), 2),
    torch.zeros(1, 1, 2, 2),
)


# %% tags=["hide-input"]
def pools(window):
    image = photo[40:184, 60:204]
    return show(
        [image, pool(image, window, np.max), pool(image, window, np.mean)],
        ["144×144", f"maximum of {window}×{window}", "mean"],
        2.6,
        vmin=0,
        vmax=1,
    )


explore(
    pools,
    alt="A square detail of the photograph, its max-pooled version, which is brighter and blocky, and its mean-pooled version for growing windows",
    window=[4, 2, 3, 6, 9, 12],
)

# %% [markdown]
r"""
(pooling-over-features)=
One can pool over *channels* as well as over places. If eight filters of one layer are the same edge at eight angles, the largest of the eight responses does not care much how the edge is turned: the network may learn *which* invariance it wants, by what filters it puts together. (In [maxout](#maxout) the filters are learned.)
"""

# %%
yw, xw = np.mgrid[-9:10, -9:10]


def bar(angle, width=2.0):
    a = np.radians(angle)
    return np.exp(
        -(((xw * np.sin(a) - yw * np.cos(a)) / width) ** 2) - (xw**2 + yw**2) / 18
    )


bank = np.stack([bar(a) - bar(a + 90) for a in np.arange(8) * 22.5])
responses = np.array(
    [[np.sum(k * bar(a)) for k in bank] for a in range(180)]
)  # (180, 8)
spread = lambda r: (r.max() - r.min()) / r.max()
verify_at_most(
    "bar at any angle: relative variation of the maximum over eight filters",
    spread(responses.max(1)),
    0.1,
)
verify_at_least("… of a single filter", spread(responses[:, 0]), 0.5)
verify(
    "the filter at 45° responds to bars at 45 + a as that at 0° to bars at a",
    np.roll(responses[:, 2], -45)[[0, 30, 90]],
    responses[[0, 30, 90], 0],
    rtol=2e-2,
)

# %% [markdown]
r"""
:::{admonition} Filters, not layers
:class: correction
**The notes say** that one pools over "separately parametrised convolutions", which they call different layers.

**Right is:** they are different filters (channels) of the *same* layer, applied to the same input.
:::
"""

# %%
stack8 = torch.tensor(bank)[:, None]  # one layer with eight filters
picture = torch.tensor(np.pad(bar(30), 3))[None, None]
one_layer = F.conv2d(picture, stack8).amax(1)[0]
separate = torch.stack([F.conv2d(picture, k[None])[0, 0] for k in stack8]).amax(0)
verify(
    "maximum over the channels of one layer: over eight filters of the same input",
    one_layer,
    separate,
    atol=1e-12,
)

# %% [markdown]
r"""
## Backwards is a convolution too

(weight-sharing-gradient)=
[Backpropagation](#backpropagation) through a layer whose weights are shared: a weight that is used at many places gets a gradient from each, and they add up,

$$
\frac{\partial\mathcal R}{\partial w_j}=\sum_i\frac{\partial\mathcal R}{\partial y_i}\,\frac{\partial y_i}{\partial w_j}.
$$ (eq-cnn-shared)

For the proof give each place $i$ its own copy $w^{(i)}$ and set all copies equal: the chain rule through $w\mapsto(w,\dots,w)$ sums. We do exactly this, with the locally connected layer of above.
"""

# %%
torch.manual_seed(3)
conv, untied = nn.Conv2d(3, 4, 3).double(), Untied(8, 8, 3, 4, 3, 3).double()
untied.w.data[:] = conv.weight.data.flatten(1)
untied.b.data[:] = conv.bias.data
x = torch.randn(2, 3, 8, 8).double()
for net in (conv, untied):
    (net(x) ** 3).sum().backward()
verify(
    "gradient of a shared filter: sum of the gradients of its 36 copies",
    conv.weight.grad.flatten(1),
    untied.w.grad.sum(0),
    rtol=1e-10,
)
verify("… and of its bias", conv.bias.grad, untied.b.grad.sum(0), rtol=1e-10)

# %% [markdown]
r"""
(convolution-backprop-as-convolution)=
Now write the sums out. Let $y=x*w$, that is $y_k=\sum_iw_i\,x_{k-i}$, and $\delta_k=\partial\mathcal R/\partial y_k$. Since $\partial y_k/\partial w_i=x_{k-i}$,

$$
\frac{\partial\mathcal R}{\partial w_i}=\sum_k\delta_k\,x_{k-i}=\sum_k\delta_k\operatorname{rot180}(x)_{i-k}=\bigl(\delta*\operatorname{rot180}(x)\bigr)_i ,
$$ (eq-cnn-weight-gradient)

and since $\partial y_k/\partial x_j=w_{k-j}$,

$$
\frac{\partial\mathcal R}{\partial x_j}=\sum_k\delta_k\,w_{k-j}=\bigl(\delta*\operatorname{rot180}(w)\bigr)_j .
$$ (eq-cnn-input-gradient)

:::{prf:theorem} The gradients of a convolution are convolutions
:label: thm-cnn-backprop
$\partial\mathcal R/\partial w=\delta*\operatorname{rot180}(x)$ and $\partial\mathcal R/\partial x=\delta*\operatorname{rot180}(w)$, with indices of any dimension.
:::

In the language of matrices this is no surprise: backwards, a layer multiplies by its transpose, and the transpose of a Toeplitz matrix is the Toeplitz matrix of the flipped kernel. With finite arrays only the indices need care: the full convolution $y$ has $m+k-1$ entries, and of the full convolution $\delta*\operatorname{rot180}(x)$ the middle (*valid*) part belongs to $w$.
"""

# %%
rng = np.random.default_rng(27)
x, w = rng.normal(size=10), rng.normal(size=3)
xt, wt = (torch.tensor(a, requires_grad=True) for a in (x, w))
y_ = F.conv1d(xt[None, None], wt.flip(0)[None, None], padding=2)[0, 0]  # full x * w
verify(
    "forward: torch with the flipped kernel is x * w", y_, np.convolve(x, w), atol=1e-12
)
y_.tanh().pow(2).sum().backward()
delta_ = 2 * np.tanh(np.convolve(x, w)) * (1 - np.tanh(np.convolve(x, w)) ** 2)
verify(
    "∂R/∂w = δ * rot180(x)", np.convolve(delta_, x[::-1], "valid"), wt.grad, atol=1e-12
)
verify(
    "∂R/∂x = δ * rot180(w)", np.convolve(delta_, w[::-1], "valid"), xt.grad, atol=1e-12
)

# %%
x, w = rng.normal(size=(8, 8)), rng.normal(size=(3, 3))
xt, wt, bt = (torch.tensor(a, requires_grad=True) for a in (x, w, np.array(0.3)))
y_ = F.conv2d(xt[None, None], wt.flip(0, 1)[None, None], padding=2)[0, 0] + bt
y_.sigmoid().sum().backward()
s = 1 / (1 + np.exp(-signal.convolve2d(x, w) - 0.3))
delta_ = s * (1 - s)  # chain rule: the activation first
verify(
    "8×8 picture: ∂R/∂w = δ * rot180(x)",
    signal.convolve2d(delta_, rot180(x), "valid"),
    wt.grad,
    atol=1e-12,
)
verify(
    "… ∂R/∂x = δ * rot180(w)",
    signal.convolve2d(delta_, rot180(w), "valid"),
    xt.grad,
    atol=1e-12,
)
verify("… ∂R/∂b = Σ δ", delta_.sum(), bt.grad, rtol=1e-12)

# %% [markdown]
r"""
:::{admonition} A flip too few
:class: correction
**The notes say** $y_{k-i}=\operatorname{rot180}(y)_{k-i}$ on the way, and $y^{(l)}=y^{(l-1)}*w$ with shifted superscripts.

**Right is:** $\operatorname{rot180}(y)_j=y_{-j}$, so $y_{k-i}=\operatorname{rot180}(y)_{i-k}$. It is this turned index that makes the sum a convolution. Layer $l$ produces $y^{(l+1)}=y^{(l)}*w^{(l)}$. The end result of the notes is right.
:::
"""

# %%
verify_at_least(
    "without the flip, δ * x: distance to the true weight gradient",
    abs(signal.convolve2d(delta_, x, "valid") - wt.grad.numpy()).max(),
    0.1,
)
index = {i - 4: v for i, v in enumerate(rng.normal(size=9))}  # y on −4 … 4
turned = {-i: v for i, v in index.items()}
verify(
    "y at k − i is rot180(y) at i − k",
    [index[k - i] for k in range(3) for i in range(3)],
    [turned[i - k] for k in range(3) for i in range(3)],
)
# %% [markdown]
r"""
## Architectures

### From edges to objects

(learned-features-hierarchy)=
In a trained classifier early layers respond to edges, later ones to parts, and the class is concluded from the parts. To watch this happen we need a world whose parts we know: lines, crosses, squares and discs (circles) of random size and place, in noise. After three convolutional layers the network is right in 98 of 100 cases. Where did the knowledge arise? A *linear probe* tells: a [logistic regression](#multinomial-logistic-regression) that sees the largest value of each channel at some depth, and nothing else.
"""


# %%
def shapes(n, rng, s=16):
    kinds, (yy, xx) = rng.integers(4, size=n), np.mgrid[:s, :s]
    pictures = np.zeros((n, 1, s, s))
    for k, kind in enumerate(kinds):
        r = rng.integers(3, 6)
        cy, cx = rng.integers(r, s - r, 2)
        dy, dx = abs(yy - cy), abs(xx - cx)
        lines = [dy == 0, dx == 0]
        shape = (
            lines[rng.integers(2)],
            lines[0] | lines[1],
            np.maximum(dy, dx) == r,
            abs(np.hypot(dy, dx) - r) < 0.6,
        )[kind]
        pictures[k, 0] = shape & (np.maximum(dy, dx) <= r)
    pictures += rng.normal(0, 0.25, pictures.shape)
    return torch.tensor(pictures, dtype=torch.float32), torch.tensor(kinds)


rng = np.random.default_rng(28)
S_train, s_train = shapes(2000, rng)
S_test, s_test = shapes(500, rng)
torch.manual_seed(0)
seer = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 24, 3, padding=1),
    nn.ReLU(),
    GlobalMax(),
    nn.Linear(24, 4),
)
train(seer, S_train, s_train, epochs=7)
verify_at_least(
    "lines, crosses, squares, circles: test accuracy",
    accuracy(seer, S_test, s_test),
    0.98,
)


# %%
@torch.no_grad()
def probe(depth):
    look = lambda x: (seer[:depth](x) if depth else x).amax((2, 3))
    fitted = LogisticRegression(max_iter=1000).fit(look(S_train[:1000]), s_train[:1000])
    return fitted.score(look(S_test), s_test)


probes = [probe(depth) for depth in (0, 2, 5, 8)]
verify_at_least(
    "linear probe: gain in accuracy from each depth to the next", np.diff(probes), 0.02
)
verify_at_most("linear probe on the pixels' maximum: accuracy", probes[0], 0.45)
verify_at_least("linear probe after the third layer: accuracy", probes[3], 0.97)

# %% [markdown]
r"""
And what do single units like? For each layer, take the channel that varies most and cut out the places of the test pictures where it is strongest, as large as its receptive field: 3, 8 and 18 pixels (the last is larger than the picture, so we show the picture).
"""

# %% mystnb={"image": {"classes": "photo", "alt": "Three rows of image patches that excite one unit of layer 1, 2 and 3 most: small edges, then corners or line pieces, then whole shapes of one kind."}} tags=["hide-input"]
fields = (recursion([(3, 1, 1)]), recursion([(3, 1, 1), (2, 2, 1), (3, 1, 1)]), 16)
fig, axes = plt.subplots(3, 6, figsize=(plot.WIDTH, 3.6))
for row, depth, side, jump in zip(axes, (2, 5, 8), fields, (1, 2, 4)):
    with torch.no_grad():
        a = seer[:depth](S_test)
    peak = a.amax((2, 3))
    channel = (peak.std(0) / (peak.mean(0) + 0.1)).argmax()
    for ax, k in zip(row, peak[:, channel].argsort(descending=True)[:6]):
        r, c = np.unravel_index(int(a[k, channel].argmax()), tuple(a.shape[2:]))
        pad = np.pad(S_test[k, 0].numpy(), 8)
        top, left_ = (
            int(v * jump + (jump - 1) / 2 - (side - 1) / 2) + 8 for v in (r, c)
        )
        cut = pad[top : top + side, left_ : left_ + side] if side < 16 else S_test[k, 0]
        ax.imshow(cut, cmap="gray", vmin=-0.3, vmax=1.2)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
for ax, depth in zip(axes[:, 0], (1, 2, 3)):
    ax.set_ylabel(f"layer {depth}")
plt.show()

# %%
verify(
    "receptive fields of the three layers",
    (
        fields[0],
        fields[1],
        recursion([(3, 1, 1), (2, 2, 1), (3, 1, 1), (2, 2, 1), (3, 1, 1)]),
    ),
    (3, 8, 18),
)
verify(
    "… by the gradient",
    (
        field([nn.Conv2d(1, 1, 3)]),
        field([nn.Conv2d(1, 1, 3), nn.AvgPool2d(2), nn.Conv2d(1, 1, 3)]),
        field(
            [
                nn.Conv2d(1, 1, 3),
                nn.AvgPool2d(2),
                nn.Conv2d(1, 1, 3),
                nn.AvgPool2d(2),
                nn.Conv2d(1, 1, 3),
            ]
        ),
    ),
    (3, 8, 18),
)

# %% [markdown]
r"""
### The classics, on one page

(convolutional-pyramid)=
(lenet-5)=
(alexnet)=
Three networks that made history share one shape, the *convolutional pyramid*: with depth the maps get smaller and more numerous, until space has been turned into meaning.

| network | what was new |
|---|---|
| LeNet-5 (1998) {cite:p}`lecun1998` | local fields, shared weights and subsampling in one trainable network; read handwritten digits |
| AlexNet (2012) {cite:p}`krizhevsky2012` | ReLU, dropout, augmented data, GPUs; first filters $11\times11$; won ImageNet |
| VGG-16 (2014) {cite:p}`simonyan2015` | only $3\times3$ filters, and many layers of them |

We build them on torch's `meta` device, which computes shapes and stores nothing. Look at where the parameters sit.
"""


# %%
def conv_relu(a, b, k, **kwargs):
    return [nn.Conv2d(a, b, k, device="meta", **kwargs), nn.ReLU()]


def head(*sizes):
    layers = [nn.Flatten()]
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b, device="meta"), nn.ReLU()]
    return layers[:-1]


lenet = nn.Sequential(
    *conv_relu(1, 6, 5),
    nn.AvgPool2d(2),
    *conv_relu(6, 16, 5),
    nn.AvgPool2d(2),
    *head(400, 120, 84, 10),
)
alexnet = nn.Sequential(
    *conv_relu(3, 64, 11, stride=4, padding=2),
    nn.MaxPool2d(3, 2),
    *conv_relu(64, 192, 5, padding=2),
    nn.MaxPool2d(3, 2),
    *conv_relu(192, 384, 3, padding=1),
    *conv_relu(384, 256, 3, padding=1),
    *conv_relu(256, 256, 3, padding=1),
    nn.MaxPool2d(3, 2),
    *head(9216, 4096, 4096, 1000),
)
vgg_layers, channels = [], 3
for width, repeats in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
    for _ in range(repeats):
        vgg_layers += conv_relu(channels, width, 3, padding=1)
        channels = width
    vgg_layers += [nn.MaxPool2d(2)]
vgg = nn.Sequential(*vgg_layers, *head(25088, 4096, 4096, 1000))


# %%
def walk(net, *shape):
    """Shape after every layer that changes it."""
    x, seen_shapes = torch.zeros(1, *shape, device="meta"), []
    for layer_ in net:
        x = layer_(x)
        if not isinstance(layer_, (nn.ReLU, nn.Flatten)):
            seen_shapes.append(tuple(x.shape[1:]))
    return seen_shapes


verify(
    "LeNet-5: sides and widths",
    tuple(s[-1] for s in walk(lenet, 1, 32, 32)),
    (28, 14, 10, 5, 120, 84, 10),
)
verify(
    "AlexNet: sides of the maps",
    tuple(s[-1] for s in walk(alexnet, 3, 224, 224)[:8]),
    (55, 27, 27, 13, 13, 13, 13, 6),
)
verify("VGG-16: shape before the dense layers", walk(vgg, 3, 224, 224)[-4], (512, 7, 7))
share = lambda net: sum(size(l) for l in net if isinstance(l, nn.Linear)) / size(net)
for name, net, total, dense_share in (
    ("LeNet-5", lenet, 61_706, 0.958),
    ("AlexNet", alexnet, 61_100_840, 0.960),
    ("VGG-16", vgg, 138_357_544, 0.894),
):
    verify(f"{name}: parameters", size(net), total)
    verify(
        f"{name}: share of them in the dense layers", share(net), dense_share, atol=1e-3
    )

# %% mystnb={"image": {"alt": "Activations and parameters of the layers of VGG-16 on a logarithmic scale: activations fall with depth, parameters rise, and the first dense layer holds by far the most."}} tags=["hide-input"]
shapes_vgg = [
    s
    for s, l in zip(
        walk(vgg, 3, 224, 224),
        [l for l in vgg if not isinstance(l, (nn.ReLU, nn.Flatten))],
    )
    if size(l)
]
weights_vgg = [size(l) for l in vgg if size(l)]
plt.semilogy(
    [np.prod(s) for s in shapes_vgg], "o-", color=plot.BLUE, label="activations"
)
plt.semilogy(weights_vgg, "s-", color=plot.RED, label="parameters")
plt.axvline(12.5, color=plot.GREY, ls=":")
plt.xlabel("layer of VGG-16 (dense ones right of the line)")
plt.legend()
plt.show()

# %% [markdown]
r"""
The first layers hold the activations, the last ones the parameters. *Global average pooling*, one mean per map in place of the flattening, reverses that: the dense layer behind it has only (channels × classes) weights.

Two claims of that history can be tried here. LeNet's plan works on our small digits. And AlexNet's authors say that ReLU trains several times faster than tanh {cite:p}`krizhevsky2012`. In a copy cut to the size of our digits we count epochs until the training loss is below 0.2.
"""

# %%
gap_head = size(nn.Linear(512, 1000, device="meta"))
body = sum(size(l) for l in vgg if isinstance(l, nn.Conv2d))
verify(
    "VGG-16 with global average pooling: share of the dense layer",
    gap_head / (gap_head + body),
    0.034,
    atol=1e-3,
)


def little_lenet(unit, pool_, seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Unflatten(1, (1, 8)),
        nn.Conv2d(1, 6, 3, padding=1),
        unit(),
        pool_(2),
        nn.Conv2d(6, 16, 3, padding=1),
        unit(),
        pool_(2),
        nn.Flatten(),
        nn.Linear(64, 32),
        unit(),
        nn.Linear(32, 10),
    )


images = X.view(-1, 8, 8)
net = little_lenet(nn.Tanh, nn.AvgPool2d, 0)
train(net, images, y, epochs=12)
verify_at_least(
    "little LeNet, tanh and average pooling: test accuracy on digits",
    accuracy(net, X_test.view(-1, 8, 8), y_test),
    0.95,
)
epochs_needed = {}
for unit in (nn.Tanh, nn.ReLU):
    losses = train(little_lenet(unit, nn.MaxPool2d, 0), images, y, epochs=8)
    means = np.array(losses).reshape(8, -1).mean(1)
    epochs_needed[unit.__name__] = int(np.argmax(means < 0.2)) + 1
verify(
    "little AlexNet: epochs to a loss of 0.2 with tanh, and with ReLU",
    tuple(epochs_needed.values()),
    (4, 6),
)

# %% [markdown]
r"""
Here tanh is the faster one. Nothing is wrong with either claim: with few layers and a careful start tanh does not saturate, and then its steeper response around zero helps. The claim about ReLU was about eight layers and ImageNet; it does not carry over to everything.
"""

# %% [markdown]
r"""
(vgg)=
**VGG** replaces large kernels by stacks of $3\times3$. Two of them have the field of one $5\times5$, three that of one $7\times7$; for $C$ channels in and out they cost $18C^2$ instead of $25C^2$ and $27C^2$ instead of $49C^2$ weights, and there is a ReLU between them.
"""

# %%
C_ = 64
for L, k in ((2, 5), (3, 7)):
    verify(
        f"{L} layers 3×3: receptive field of one {k}×{k}",
        field([nn.Conv2d(1, 1, 3) for _ in range(L)]),
        field([nn.Conv2d(1, 1, k)]),
    )
    stack = nn.Sequential(*[nn.Conv2d(C_, C_, 3, bias=False) for _ in range(L)])
    verify(
        f"weights for 64 channels: {L} layers 3×3, and one {k}×{k}",
        (size(stack), size(nn.Conv2d(C_, C_, k, bias=False))),
        (9 * L * C_**2, k * k * C_**2),
    )

# %% [markdown]
r"""
(inception)=
**Inception** {cite:p}`szegedy2015` does not choose: $1\times1$, $3\times3$, $5\times5$ and pooling run in parallel and are concatenated. Before each expensive branch a $1\times1$ convolution reduces the channels. For $28\times28\times192$ to 32 channels by $5\times5$: 120 million multiplications without, 12 million with a bottleneck of 16.
"""


# %%
class Inception(nn.Module):
    def __init__(self, c, one, three, five, pooled):
        super().__init__()
        self.branches = nn.ModuleList(
            [
                nn.Conv2d(c, one, 1),
                nn.Sequential(
                    nn.Conv2d(c, three[0], 1),
                    nn.ReLU(),
                    nn.Conv2d(*three, 3, padding=1),
                ),
                nn.Sequential(
                    nn.Conv2d(c, five[0], 1), nn.ReLU(), nn.Conv2d(*five, 5, padding=2)
                ),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(c, pooled, 1)),
            ]
        )

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1).relu()


def multiplications(net, x):
    """Count them while the network runs: outputs times weights per output."""
    counted = []
    count = lambda layer, _, out: counted.append(
        out[0].numel() * layer.weight[0].numel()
    )
    hooks = [
        l.register_forward_hook(count)
        for l in net.modules()
        if isinstance(l, nn.Conv2d)
    ]
    net(x)
    for hook in hooks:
        hook.remove()
    return sum(counted)


with torch.device("meta"):
    block, x = Inception(192, 64, (96, 128), (16, 32), 32), torch.zeros(1, 192, 28, 28)
    direct = nn.Sequential(nn.Conv2d(192, 32, 5, padding=2))
    narrow = block.branches[2]
verify(
    "Inception: channels of the output, 64 + 128 + 32 + 32",
    tuple(block(x).shape),
    (1, 256, 28, 28),
)
verify(
    "5×5 from 192 to 32 channels: multiplications, direct and through a bottleneck",
    (multiplications(direct, x), multiplications(narrow, x)),
    (120_422_400, 12_443_648),
)
verify(
    "parameters of the module, counted by torch and by hand",
    size(block),
    192 * (64 + 96 + 16 + 32)
    + 9 * 96 * 128
    + 25 * 16 * 32
    + 64
    + 96
    + 128
    + 16
    + 32
    + 32,
)
verify(
    "receptive field of its widest branch",
    field([nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 5)]),
    recursion([(1, 1, 1), (5, 1, 1)]),
)

# %% [markdown]
r"""
### Around the layers

(skip-connection)=
How deep can one go? In a chain of $L$ layers the gradient at the input is a product of $L$ [Jacobians](#jacobian-chain-rule), and [products shrink or explode](#initialization-heuristics). A *skip connection* leads the features around the layer. By addition,

$$
x^+=x+F(x)\qquad\Longrightarrow\qquad\frac{\partial x^+}{\partial x}=I+J_F ,
$$ (eq-cnn-residual)

as in residual networks {cite:p}`he2016`: where $F$ has nothing to say, the gradient passes untouched. Or by concatenation, as in the U-Net below, which keeps detail. Fifty tanh layers of width 32, weights scaled to half of what keeps a signal's size:
"""


# %%
class Tower(nn.Module):
    def __init__(self, depth, width, skip, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.W = nn.Parameter(
            0.5
            / width**0.5
            * torch.randn(depth, width, width, generator=generator).double()
        )
        self.skip = skip

    def forward(self, x):
        states = [x]
        for W in self.W:
            states.append(self.skip * states[-1] + torch.tanh(states[-1] @ W.T))
        return states


def gradient_sizes(skip):
    """Norm of the gradient at every layer of 50, that at the output being 1."""
    x = torch.randn(32, generator=torch.Generator().manual_seed(1)).double()
    states = Tower(50, 32, skip)(x.requires_grad_())
    direction = torch.full((32,), 32**-0.5).double()
    grads = torch.autograd.grad(states[-1] @ direction, states)
    return np.array([g.norm().item() for g in grads])


sizes = {skip: gradient_sizes(skip) for skip in (0, 1)}
verify_at_most(
    "50 layers without skips: gradient at the input over that at the output",
    sizes[0][0],
    1e-10,
)
verify(
    "with skips: log₁₀ of that ratio lies between 0 and 2",
    bool(0 < np.log10(sizes[1][0]) < 2),
    True,
)
verify(
    "without skips: mean factor per layer is the 0.5 of the weights",
    np.exp(np.polyfit(np.arange(51), np.log(sizes[0]), 1)[0]),
    2.0,
    atol=0.15,
)
layer_ = Tower(1, 32, 1)
x = torch.randn(32).double()
J_F = torch.diag(1 - torch.tanh(layer_.W[0] @ x) ** 2) @ layer_.W[0]
verify(
    "Jacobian of x + F(x) is I + J_F",
    jac(lambda x: layer_(x)[1], x),
    torch.eye(32).double() + J_F,
    atol=1e-12,
)

# %% mystnb={"image": {"alt": "Norm of the gradient against the layer on a logarithmic axis: without skips it falls by fifteen powers of ten from layer 50 to layer 0, with skips it stays near one."}} tags=["hide-input"]
plt.figure(figsize=(plot.WIDTH, 2.6))
for skip, name, colour in (
    (0, "without skips", plot.BLUE),
    (1, "with skips", plot.RED),
):
    plt.semilogy(sizes[skip], color=colour, label=name)
plt.xlabel("layer")
plt.ylabel("norm of the gradient")
plt.legend()
plt.show()

# %% [markdown]
r"""
Does it matter for training? Thirty layers, with and without the skip, on the digits: without, the loss does not leave that of guessing, $\log10\approx2.303$.
"""


# %%
class Deep(nn.Module):
    def __init__(self, skip):
        super().__init__()
        torch.manual_seed(0)
        self.inward, self.tower = nn.Linear(64, 32), Tower(30, 32, skip).float()
        self.outward = nn.Linear(32, 10)

    def forward(self, x):
        return self.outward(self.tower(self.inward(x))[-1])


ends = {}
for skip in (0, 1):
    curve_ = train(Deep(skip), X, y, epochs=5, batch=100, lr=3e-3)
    ends[skip] = np.mean(curve_[-14:])
verify(
    "30 layers without skips: final training loss, that of guessing",
    ends[0],
    np.log(10),
    atol=0.03,
)
verify_at_most("30 layers with skips: final training loss", ends[1], 0.25)

# %% [markdown]
r"""
A residual *block* of a CNN, as used everywhere, is two $3\times3$ convolutions and a skip:
"""


# %%
class ResidualBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.F = nn.Sequential(
            nn.Conv2d(c, c, 3, padding=1), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1)
        )

    def forward(self, x):
        return (x + self.F(x)).relu()


verify(
    "residual block of 16 channels: parameters",
    size(ResidualBlock(16)),
    2 * (9 * 16 * 16 + 16),
)
verify(
    "two residual blocks: receptive field, by gradient and by recursion",
    (
        field([ResidualBlock(2), ResidualBlock(2)], channels=2),
        recursion([(3, 1, 1)] * 4),
    ),
    (9, 9),
)
silent = ResidualBlock(2)
silent.F[2].weight.data.zero_(), silent.F[2].bias.data.zero_()
x = torch.rand(1, 2, 5, 5)
verify("a block with nothing to say passes (positive) features on", silent(x), x)

# %% [markdown]
r"""
(u-net)=
**U-Net** {cite:p}`ronneberger2015` answers a question per *pixel*: which belong to the cell? It has to see far and must not lose the place. So it goes down (convolutions and max pooling), comes up again (transposed convolutions, [the backward pass of a strided convolution](#convolution-backprop-as-convolution) used forwards), and at each level concatenates the map from the way down. Discs in noise, $24\times24$ pixels, two levels. The judge is the *intersection over union* of true and predicted pixels.
"""


# %%
def discs(n, rng, s=24):
    yy, xx = np.mgrid[:s, :s]
    mask = np.zeros((n, 1, s, s), bool)
    for k in range(n):
        for r, cy, cx in rng.uniform([3, 0, 0], [6, s, s], (3, 3)):
            mask[k, 0] |= (yy - cy) ** 2 + (xx - cx) ** 2 < r * r
    noisy = mask + rng.normal(0, 0.4, mask.shape)
    return torch.tensor(noisy, dtype=torch.float32), torch.tensor(mask).float()


def double_conv(a, b):
    return nn.Sequential(
        nn.Conv2d(a, b, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(b, b, 3, padding=1),
        nn.ReLU(),
    )


class UNet(nn.Module):
    def __init__(self, c=6, skip=True):
        super().__init__()
        torch.manual_seed(0)
        self.skip, k = skip, 2 if skip else 1
        self.down = nn.ModuleList([double_conv(1, c), double_conv(c, 2 * c)])
        self.bottom = double_conv(2 * c, 4 * c)
        self.up = nn.ModuleList(
            [nn.ConvTranspose2d(4 * c, 2 * c, 2, 2), nn.ConvTranspose2d(2 * c, c, 2, 2)]
        )
        self.join = nn.ModuleList(
            [double_conv(k * 2 * c, 2 * c), double_conv(k * c, c)]
        )
        self.out = nn.Conv2d(c, 1, 1)

    def forward(self, x):
        kept = []
        for down in self.down:
            kept.append(down(x))
            x = F.max_pool2d(kept[-1], 2)
        x = self.bottom(x)
        for up, join in zip(self.up, self.join):
            x, level = up(x), kept.pop()
            x = join(torch.cat([x, level], 1) if self.skip else x)
        return self.out(x)


# %%
rng = np.random.default_rng(29)
(noisy, mask), (noisy_test, mask_test) = discs(1360, rng), discs(100, rng)
truth = mask_test > 0
rim = F.max_pool2d(mask_test, 3, 1, 1) > -F.max_pool2d(-mask_test, 3, 1, 1)


def iou(guess):
    return (
        ((guess & truth).sum((1, 2, 3)) / (guess | truth).sum((1, 2, 3))).mean().item()
    )


guesses, nets = {}, {}
for skip in (True, False):
    nets[skip] = UNet(skip=skip)
    train(
        nets[skip],
        noisy,
        mask,
        1,
        batch=16,
        lr=1e-2,
        loss=F.binary_cross_entropy_with_logits,
    )
    with torch.no_grad():
        guesses[skip] = nets[skip](noisy_test) > 0
rim_error = {s: (g != truth)[rim].double().mean().item() for s, g in guesses.items()}

# %%
verify(
    "U-Net: the output has the shape of the input",
    tuple(guesses[True].shape),
    tuple(noisy_test.shape),
)
verify_at_least("U-Net: mean intersection over union", iou(guesses[True]), 0.9)
verify_at_least(
    "… lead over the same net without skips",
    iou(guesses[True]) - iou(guesses[False]),
    0.03,
)
verify_at_least(
    "… lead over a threshold at ½", iou(guesses[True]) - iou(noisy_test > 0.5), 0.15
)
verify_at_least(
    "wrong pixels along the rims: without skips over with skips",
    rim_error[False] / rim_error[True],
    1.4,
)
verify(
    "U-Net: parameters, by torch and by hand",
    size(UNet()),
    sum(
        9 * a * b + b
        for a, b in (
            (1, 6),
            (6, 6),
            (6, 12),
            (12, 12),
            (12, 24),
            (24, 24),
            (24, 12),
            (12, 12),
            (12, 6),
            (6, 6),
        )
    )
    + 4 * (24 * 12 + 12 * 6)
    + 12
    + 6
    + 6
    + 1,
)
verify(
    "way down and bottom: receptive field by gradient and by recursion",
    (
        field(
            [
                nn.Conv2d(1, 1, 3),
                nn.Conv2d(1, 1, 3),
                nn.AvgPool2d(2),
                nn.Conv2d(1, 1, 3),
                nn.Conv2d(1, 1, 3),
                nn.AvgPool2d(2),
                nn.Conv2d(1, 1, 3),
                nn.Conv2d(1, 1, 3),
            ],
            61,
        ),
        recursion(
            [(3, 1, 1)] * 2
            + [(2, 2, 1)]
            + [(3, 1, 1)] * 2
            + [(2, 2, 1)]
            + [(3, 1, 1)] * 2
        ),
    ),
    (32, 32),
)

# %% mystnb={"image": {"classes": "photo", "alt": "Four pictures: discs hidden in noise, the true discs, the U-Net's answer with clean round rims, and the answer of the net without skips with ragged rims."}} tags=["hide-input"]
show(
    [noisy_test[1, 0], truth[1, 0], guesses[True][1, 0], guesses[False][1, 0]],
    ["input", "truth", "U-Net", "no skips"],
    2.1,
)
plt.show()
# %% [markdown]
r"""
(headline-mnist1d)=
## The headline: a published table, in seconds

MNIST-1D {cite:p}`greydanus2024` is a test bench that fits on a laptop: ten stick-figure digits drawn as curves of forty values, each padded, stretched, sheared, *moved to a random place*, and buried in correlated noise. 4000 to learn from, 1000 to test. It is generated here, not downloaded. The paper reports test accuracies of 32 % for logistic regression, 68 % for an MLP and 94 % for a CNN. All three tell the same story: what counts is not the number of parameters but the prior.

Ours have the paper's sizes (MLP with two hidden layers of 100, CNN with three layers of 25 channels and stride 2), and the CNN has [*batch normalization*](#batch-normalization) after each convolution, which brings every channel of a batch to mean 0 and variance 1 and so makes the training fast.
"""

# %%
started = time.process_time()
bench = make_dataset(get_dataset_args())
A, A_test = (torch.tensor(bench[k], dtype=torch.float32) for k in ("x", "x_test"))
a, a_test = torch.tensor(bench["y"]), torch.tensor(bench["y_test"])


def cnn_1d(c=25):
    torch.manual_seed(0)
    layers = [nn.Unflatten(1, (1, 40))]
    for before_, k in ((1, 5), (c, 3), (c, 3)):
        layers += [
            nn.Conv1d(before_, c, k, stride=2, padding=k // 2),
            nn.BatchNorm1d(c),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(5 * c, 10))


torch.manual_seed(0)
contest = {
    "logistic regression": (nn.Linear(40, 10), 10, 3e-2),
    "MLP": (mlp(40, 100), 30, 1e-2),
    "CNN": (cnn_1d(), 30, 1e-2),
}
scores = {}
for name, (net, epochs, lr) in contest.items():
    train(net, A, a, epochs, batch=100, lr=lr)
    scores[name] = accuracy(net, A_test, a_test)
spent = time.process_time() - started

# %%
verify(
    "MNIST-1D: shapes of training and test set",
    (tuple(A.shape), tuple(A_test.shape)),
    ((4000, 40), (1000, 40)),
)
headline(
    "MNIST-1D test accuracy of logistic regression, MLP and CNN, and the paper's table",
    100 * np.array(list(scores.values())),
    np.array([32.0, 68.0, 94.0]),
    rtol=0.04,
    unit="%",
)
verify_at_least("MNIST-1D: accuracy of the CNN", scores["CNN"], 0.94)
measured("generating the data and training all three", spent)
verify(
    "parameters of the three",
    tuple(size(net) for net, *_ in contest.values()),
    (410, 15210, 5360),
)
verify(
    "receptive field of the CNN's last layer, in samples",
    recursion([(5, 2, 1), (3, 2, 1), (3, 2, 1)]),
    17,
)

# %% mystnb={"image": {"alt": "Left three noisy curves of forty values from MNIST-1D, right bars of the test accuracy of logistic regression 32, MLP 66 and CNN 95 percent beside the paper's 32, 68 and 94."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(plot.WIDTH, 3.1))
for k in range(3):
    left.plot(A[k] - 5 * k, color=plot.COLOURS[k], label=f"a {a[k]}")
left.set(xlabel="sample", yticks=[])
left.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.17))
right.bar(np.arange(3) - 0.2, list(scores.values()), 0.4, color=plot.BLUE, label="here")
right.bar(np.arange(3) + 0.2, [0.32, 0.68, 0.94], 0.4, color=plot.ORANGE, label="paper")
right.set(
    xticks=range(3),
    xticklabels=["logistic", "MLP", "CNN"],
    ylim=(0, 1.2),
    title="test accuracy",
)
right.legend(ncols=2, loc="upper left")
plt.show()

# %% [markdown]
r"""
With 1000 test curves the standard error of an accuracy is about 1.5 points for the first two and 0.7 for the CNN: the table is reproduced to within its error. The CNN has a third of the MLP's parameters.

How cheap can a prior make things? On scikit-learn's digits: an MLP with two hidden layers of 128, and a CNN with at most a tenth of its parameters. Two seeds each.
"""


# %%
def tenth_cnn(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 12, 3, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


duel = {"MLP": [], "CNN": []}
for s in range(2):
    for name, net in (("MLP", mlp(64, 128, s)), ("CNN", tenth_cnn(s))):
        train(net, X, y, 12, seed=s)
        duel[name].append(accuracy(net, X_test, y_test))
verify_at_most(
    "digits: parameters of the CNN over those of the MLP",
    size(tenth_cnn(0)) / size(mlp(64, 128)),
    0.1,
)
verify_at_least("digits: accuracy of the MLP", np.mean(duel["MLP"]), 0.98)
verify_at_least(
    "digits: accuracy of the CNN minus that of the MLP",
    np.mean(duel["CNN"]) - np.mean(duel["MLP"]),
    0.0,
)

# %% [markdown]
r"""
(cnn-practice)=
## In practice

At work one writes `nn.Conv2d` and never sees a window. Does our own layer, forward *and* backward, do the same? Forward is one product, $Y=WV$ with the windows $V$. Backward, [as for any matrix product](#weight-gradient), $\partial\mathcal R/\partial W=\Delta V^\top$ and $\partial\mathcal R/\partial V=W^\top\Delta$; the latter has a value for every pixel of every *window*, and a pixel that stands in nine windows collects nine: `fold` adds them up where they came from. These are [the two convolutions](#convolution-backprop-as-convolution) again.
"""


# %%
class OurConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b, stride, padding):
        V, rows, columns = im2col(F.pad(x, (padding,) * 4), *w.shape[2:], stride)
        ctx.save_for_backward(V, w)
        ctx.geometry = x.shape, stride, padding
        return (w.flatten(1) @ V + b[:, None]).view(len(x), len(w), rows, columns)

    @staticmethod
    def backward(ctx, delta):
        (V, w), (shape_, stride, padding) = ctx.saved_tensors, ctx.geometry
        delta = delta.flatten(2)  # (batch, out, places)
        dw = torch.einsum("bop,bvp->ov", delta, V).view_as(w)
        dV = w.flatten(1).T @ delta  # (batch, C·k·l, places)
        dx = F.fold(dV, shape_[2:], w.shape[2:], padding=padding, stride=stride)
        return dx, dw, delta.sum((0, 2)), None, None


# %%
rng = np.random.default_rng(30)
arrays = [rng.normal(size=s) for s in ((2, 3, 9, 8), (4, 3, 3, 3), (4,))]
for stride, padding in ((1, 1), (2, 0), (2, 1)):
    results = []
    for operation in (OurConv.apply, F.conv2d):
        leaves = [torch.tensor(z, requires_grad=True) for z in arrays]
        y_ = operation(*leaves, stride, padding)
        (y_.sin() * torch.arange(y_.numel()).view_as(y_)).sum().backward()
        results.append([y_] + [leaf.grad for leaf in leaves])
    for name, mine, theirs in zip(("y", "∂R/∂x", "∂R/∂w", "∂R/∂b"), *results):
        verify(
            f"stride {stride}, padding {padding}: {name} against torch",
            mine,
            theirs,
            rtol=1e-10,
            atol=1e-9,
        )

# %% [markdown]
r"""
A few habits. Use $3\times3$ kernels unless you have a reason; halve the sides and double the channels; end with a global pooling; put a normalization after each convolution, and then leave out the bias of the convolution, which the normalization would remove again. And before training, push one batch through and look at the shapes.

## Beware

**A CNN is not shift invariant.** Convolutions with stride 1 are equivariant; zero padding, strides and pooling break it, and a flattening followed by a dense layer makes no attempt. Take the digits CNN from the start, and move the digits.
"""

# %%
still_ok = [
    accuracy(cnns[0], torch.roll(X_test.view(-1, 8, 8), v, 2).flatten(1), y_test)
    for v in (0, 1, 2)
]
verify_at_least("digits CNN with flattening: accuracy unmoved", still_ok[0], 0.96)
verify_at_most("… after a cyclic shift by two pixels", still_ok[2], 0.6)

# %% [markdown]
r"""
**Equivariant to shifts, to nothing else.** Turn the picture by 90° and the feature maps do not turn along, unless the filters happen to be symmetric.
"""

# %%
kernel = np.random.default_rng(31).normal(size=(3, 3))
symmetric = sum(np.rot90(kernel, k) for k in range(4))
turned = lambda w: abs(cyclic(np.rot90(frame), w) - np.rot90(cyclic(frame, w))).max()
verify_at_least(
    "a random filter: turn then filter, minus filter then turn", turned(kernel), 0.1
)
verify(
    "a filter that is itself invariant under turns", turned(symmetric), 0.0, atol=1e-12
)

# %% [markdown]
r"""
**Transposed is not inverse.** The transposed convolution of the U-Net multiplies by the transpose of the Toeplitz matrix. It has the right shape to undo a convolution; it does not undo it.
"""

# %%
x = torch.randn(1, 1, 6, 6).double()
w = torch.randn(1, 1, 3, 3).double()
y_ = F.conv2d(x, w)
back = F.conv_transpose2d(y_, w)
verify(
    "transposed convolution: ⟨Wx, z⟩ = ⟨x, Wᵀz⟩",
    (y_ * y_).sum(),
    (x * back).sum(),
    rtol=1e-10,
)
verify("… the shape returns", tuple(back.shape), tuple(x.shape))
verify_at_least(
    "… the picture does not: relative distance", (back - x).norm() / x.norm(), 0.5
)

# %% [markdown]
"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""


# %% tags=["remove-cell"] jupyter={"source_hidden": true}
@exercise.define("cnn-by-hand")
def _(answer):
    assert len(answer) == 5, (
        "a signal of 3 and a filter of 3 values overlap in 5 places"
    )
    assert np.allclose(answer, np.convolve([2, -1, 3], [1, 0, -2])), (
        "compare with the flip"
    )


@exercise.define("cnn-keep-size")
def _(answer):
    for k, d in ((3, 1), (5, 1), (3, 2), (7, 3)):
        length = F.conv1d(
            torch.zeros(1, 1, 40),
            torch.zeros(1, 1, k),
            dilation=d,
            padding=int(answer(k, d)),
        ).shape[2]
        assert length == 40, f"k = {k}, d = {d}: 40 values become {length}"


@exercise.define("cnn-count")
def _(answer):
    net = nn.Sequential(
        nn.Conv2d(3, 16, 5),
        nn.Conv2d(16, 32, 3, groups=4),
        nn.Conv2d(32, 8, 1, bias=False),
    )
    assert answer == size(net), (
        "count each layer: weights out·(in/groups)·k², and biases"
    )


@exercise.define("cnn-field")
def _(answer):
    truth = field(
        [
            nn.Conv2d(1, 1, 7, 2),
            nn.AvgPool2d(3, 2),
            nn.Conv2d(1, 1, 3),
            nn.Conv2d(1, 1, 3),
        ],
        101,
    )
    assert answer == truth, "follow r and the jump j from layer to layer"


@exercise.define("cnn-impulse")
def _(answer):
    f = np.random.default_rng(0).normal(size=16)
    smooth = 0.25 * np.roll(f, 2) + 0.5 * f + 0.25 * np.roll(f, -2)
    assert np.shape(answer) == (16,), "one value for each of the 16 places"
    assert np.allclose(circular(f, np.array(answer)), smooth), "what does it do to δ?"


@exercise.define("cnn-transpose")
def _(answer):
    rng = np.random.default_rng(0)
    for n, k in ((7, 3), (9, 4)):
        x, w, z = rng.normal(size=n), rng.normal(size=k), rng.normal(size=n - k + 1)
        got = answer(z, w)
        assert np.shape(got) == (n,), f"the result has {n} values"
        assert np.isclose(np.correlate(x, w, "valid") @ z, x @ got), (
            "⟨Wx, z⟩ and ⟨x, answer⟩ differ"
        )


@exercise.define("cnn-maxpool")
def _(answer):
    x = np.random.default_rng(1).normal(size=(6, 8))
    xt = torch.tensor(x, requires_grad=True)
    out = F.max_pool2d(xt[None, None], 2)[0, 0]
    delta = np.arange(12.0).reshape(3, 4) - 5
    out.backward(torch.tensor(delta))
    assert np.allclose(answer(x, delta), xt.grad), (
        "only the winner of each window gets δ"
    )


@exercise.define("cnn-wavenet")
def _(answer):
    for inputs, K in ((1024, 2), (1025, 2), (16_000, 3), (27, 3)):
        L = answer(inputs, K)
        seen_ = lambda L: 1 + (K - 1) * sum(2**l for l in range(L))
        assert seen_(L) >= inputs, f"{L} layers see {seen_(L)} of {inputs} inputs"
        assert seen_(L - 1) < inputs, (
            f"{L - 1} layers would do for {inputs} inputs, K = {K}"
        )


@exercise.define("cnn-project")
def _(answer):
    net = answer()
    assert size(net) <= 1300, f"{size(net)} parameters, allowed are 1300"
    train(net, X, y, epochs=12)
    got = accuracy(net, X_test, y_test)
    assert got >= 0.975, f"test accuracy {got:.3f} after 12 epochs, wanted 0.975"


# %% [markdown]
r"""
:::{exercise} By hand
:label: ex-cnn-by-hand
Compute $[2,-1,3]*[1,0,-2]$ with pencil and paper.
:::
"""

# %%
by_hand = ...  # a list of numbers

exercise("cnn-by-hand").check(by_hand)

# %% [markdown]
r"""
<details><summary>Solution</summary>

As polynomials: $(2-t+3t^2)(1-2t^2)=2-t-t^2+2t^3-6t^4$.

```python
by_hand = [2, -1, -1, 2, -6]
```

</details>

:::{exercise} Keep the size
:label: ex-cnn-keep-size
Which padding keeps the length of a signal, for odd $k$, dilation $d$ and stride 1?
:::
"""

# %%
keep_size = ...  # a function of k and d

exercise("cnn-keep-size").check(keep_size)

# %% [markdown]
r"""
<details><summary>Solution</summary>

[The size formula](#eq-cnn-size) with $O=I$ gives $2P=d(k-1)$.

```python
keep_size = lambda k, d: d * (k - 1) // 2
```

</details>

:::{exercise} Count
:label: ex-cnn-count
How many parameters have `Conv2d(3, 16, 5)`, `Conv2d(16, 32, 3, groups=4)` and `Conv2d(32, 8, 1, bias=False)` together?
:::
"""

# %%
count_them = ...  # a number

exercise("cnn-count").check(count_them)

# %% [markdown]
r"""
<details><summary>Solution</summary>

With four groups each filter sees four of the sixteen channels.

```python
count_them = (25 * 3 + 1) * 16 + (9 * 4 + 1) * 32 + 32 * 8
```

</details>

:::{exercise} The eye of a ResNet
:label: ex-cnn-field
A ResNet begins with a $7\times7$ convolution of stride 2, a $3\times3$ pooling of stride 2 and two $3\times3$ convolutions. How large is the receptive field after them?
:::
"""

# %%
eye = ...  # a number

exercise("cnn-field").check(eye)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$1+6=7$ with jump 2; $7+2\cdot2=11$ with jump 4; then twice $+2\cdot4$.

```python
eye = 27
```

</details>

:::{exercise} One clap
:label: ex-cnn-impulse
A cyclic black box on 16 values answers $\frac14f[n-2]+\frac12f[n]+\frac14f[n+2]$. Write down its impulse response.
:::
"""

# %%
one_clap = ...  # an array of 16 values

exercise("cnn-impulse").check(one_clap)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$h=T\delta$: a quarter at $n=2$, a half at $0$, a quarter at $-2$, which is $14$.

```python
one_clap = np.zeros(16)
one_clap[[2, 0, 14]] = 0.25, 0.5, 0.25
```

</details>

:::{exercise} The way back
:label: ex-cnn-transpose
Let $Wx$ be the valid cross-correlation of $x$ with $w$. Write $W^\top z$ with one call of numpy and no matrix.
:::
"""

# %%
way_back = ...  # a function of z and w

exercise("cnn-transpose").check(way_back)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\langle Wx,z\rangle=\sum_i z_i\sum_tw_tx_{i+t}=\sum_jx_j\sum_tw_tz_{j-t}$: the full convolution.

```python
way_back = lambda z, w: np.convolve(z, w)
```

</details>

:::{exercise} Backwards through a maximum
:label: ex-cnn-maxpool
Given a picture $x$ and $\delta=\partial\mathcal R/\partial y$ for $y$ its $2\times2$ max pooling, write $\partial\mathcal R/\partial x$ without autograd.
:::
"""

# %%
through_max = ...  # a function of x and delta

exercise("cnn-maxpool").check(through_max)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Blow up the pooled picture and $\delta$ with `np.kron`, and let through where the pixel is the maximum.

```python
def through_max(x, delta):
    grow_ = lambda a: np.kron(a, np.ones((2, 2)))
    return grow_(delta) * (x == grow_(pool(x, 2, np.max)))
```

</details>

:::{exercise} One second of sound
:label: ex-cnn-wavenet
How many causal layers with kernel $K$ and dilations $1,2,4,\dots$ does it take to see a given number of inputs? (For one second at 16 kHz and $K=3$?)
:::
"""

# %%
one_second = ...  # a function of inputs and K

exercise("cnn-wavenet").check(one_second)

# %% [markdown]
r"""
<details><summary>Solution</summary>

[The formula](#eq-cnn-dilated) asks for $2^L\ge1+\frac{\text{inputs}-1}{K-1}$; for the second of sound $L=13$.

```python
def one_second(inputs, K):
    L = 0
    while 1 + (K - 1) * (2**L - 1) < inputs:
        L += 1
    return L
```

</details>

:::{exercise} Project: a twentieth
:label: ex-cnn-project
Build a network for the digits with at most 1300 parameters (a twentieth of the MLP's) that reaches 97.5 % test accuracy after twelve epochs of `train`. How small can you go?
:::
"""

# %%
project = (
    ...
)  # a function without arguments that returns a network for inputs (batch, 64)

exercise("cnn-project").check(project)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The headline's network with 8 and 10 channels: normalization makes up for the width.

```python
def project():
    torch.manual_seed(0)
    return nn.Sequential(nn.Unflatten(1, (1, 8, 8)),
                         nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8),
                         nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(8, 10, 3, padding=1, bias=False), nn.BatchNorm2d(10),
                         nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(40, 10))
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| convolution | $(f*g)[n]=\sum_kf[k]\,g[n-k]$: flip, shift, multiply, add | [definition](#eq-cnn-discrete) |
| what layers compute | $(h\star f)[u]=\sum_th[t]\,f[u+t]$, the kernel not flipped | [correlation](#eq-cnn-correlation) |
| why convolution | linear and commuting with shifts means $Tf=f*T\delta$ | [theorem](#lti-operators-are-convolutions) |
| equivariant, invariant | $GT=TG$; $GT=G$, reached by pooling over all places | [difference](#equivariance-vs-invariance) |
| Fourier | $\mathcal F(f*h)=\mathcal Ff\cdot\mathcal Fh$ | [theorem](#convolution-theorem) |
| output size | $\lfloor(I+2P-d(K-1)-1)/S\rfloor+1$ | [formula](#eq-cnn-size) |
| parameters | $(k^2C+1)K$, whatever the size of the picture | [sharing](#weight-sharing) |
| receptive field | $r_l=r_{l-1}+(k_l-1)j_{l-1}$, jumps multiply | [recursion](#eq-cnn-field) |
| dilation | $1+(K-1)(2^L-1)$ inputs with $L$ layers | [formula](#eq-cnn-dilated) |
| backwards | $\partial\mathcal R/\partial w=\delta*\operatorname{rot180}(x)$, $\partial\mathcal R/\partial x=\delta*\operatorname{rot180}(w)$ | [gradients](#eq-cnn-weight-gradient) |
| skip | $\partial(x+F)/\partial x=I+J_F$ | [residual](#eq-cnn-residual) |

**Further reading.** {cite:t}`dumoulin2016` draws every padding, stride and transposed convolution; {cite:t}`cohen2016` carries equivariance from shifts to other groups; {cite:t}`goodfellow2016` has a chapter on all of it. The architectures in their authors' words: LeNet {cite:p}`lecun1998`, AlexNet {cite:p}`krizhevsky2012`, VGG {cite:p}`simonyan2015`, Inception {cite:p}`szegedy2015`, ResNet {cite:p}`he2016`, U-Net {cite:p}`ronneberger2015`, WaveNet {cite:p}`oord2016`.
"""
