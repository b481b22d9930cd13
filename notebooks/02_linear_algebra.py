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
(linear-algebra-chapter)=
# Linear algebra

On the left a photograph, 213 rows of 320 grey values. On the right the same photograph after 84 % of its numbers have been thrown away: twenty *layers* are left, each one column times one row. Could somebody cleverer have kept a better 16 %?
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
import sympy as sp
from scipy import fft, integrate, linalg, optimize, sparse, spatial, special
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

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


# %% tags=["remove-cell"]
@exercise.define("la-mirror-turn")
def _(answer):
    M = np.asarray(answer, float)
    assert M.shape == (2, 2), "two rows of two numbers"
    mirrored = lambda v: v[::-1]
    turned = lambda v: np.array([-v[1], v[0]])
    for e in (np.array([1.0, 0]), np.array([0, 1.0])):
        assert np.allclose(M @ e, turned(mirrored(e))), (
            f"follow {e}: the mirror makes {mirrored(e)} of it, and the turn?"
        )
    return True


@exercise.define("la-loud-key")
def _(answer):
    k = np.asarray(answer, float)
    assert k.shape == (3,), "a key is three numbers"
    assert k[0] >= 10, f"its score is {k[0]:.2f}"
    angle = math.degrees(math.acos(k[0] / math.hypot(*k)))
    assert angle > 80, f"its angle with q is {angle:.1f}°"
    return True


@exercise.define("la-area-keeper")
def _(answer):
    M = np.asarray(answer, float)
    assert M.shape == (2, 2), "two rows of two numbers"
    assert np.allclose(M @ [1, 1], [3, 3]), (
        f"(1, 1) goes to {M @ [1, 1]}, not to (3, 3)"
    )
    area = M[0, 0] * M[1, 1] - M[0, 1] * M[1, 0]
    assert np.isclose(abs(area), 1), f"areas are multiplied by {area:.3f}"
    return True


@exercise.define("la-forgotten")
def _(answer):
    x = np.asarray(answer, float)
    assert x.shape == (4,), "four numbers"
    assert x[1] == 1 and x[3] == 1, "x₂ and x₄ are to be 1"
    left = np.array([[1, 3, 1, 2], [2, 6, 3, 5]]) @ x
    assert np.allclose(left, 0), f"it goes to {left}"
    return True


@exercise.define("la-well-known")
def _(answer):
    along = np.linspace(-10, 10, 20_001)
    distance = sum((v - along) ** 2 for v in (4, 1, 1, 2))
    assert abs(answer - along[distance.argmin()]) < 1e-3, (
        "another multiple of (1, 1, 1, 1) is nearer"
    )
    return True


@exercise.define("la-made-to-measure")
def _(answer):
    M = np.asarray(answer, float)
    assert M.shape == (2, 2), "two rows of two numbers"
    for v, factor in ((np.array([1, 2]), 5), (np.array([2, -1]), -1)):
        assert np.allclose(M @ v, factor * v), f"{v} goes to {M @ v}"
    return True


@exercise.define("la-smallest-nudge")
def _(answer):
    x, W = np.asarray(answer, float), np.array([[2, 0, 1], [0, 2, 1.0]])
    assert x.shape == (3,), "three numbers"
    assert abs(np.linalg.norm(W @ x) - 1) < 1e-6, (
        f"the output changes by {np.linalg.norm(W @ x):.4f}, not by 1"
    )
    found = min(
        1 / np.linalg.norm(W @ (v / np.linalg.norm(v)))
        for v in np.random.default_rng(0).normal(size=(3000, 3))
    )
    assert np.linalg.norm(x) < found + 1e-9, (
        f"yours has length {np.linalg.norm(x):.3f}; {found:.3f} can be had"
    )
    return True


@exercise.define("la-free-numbers")
def _(answer):
    rng = np.random.default_rng(0)
    for m, n, k in ((5, 4, 2), (6, 3, 1), (4, 4, 3), (3, 5, 3)):
        X, Y = rng.normal(size=(m, k)), rng.normal(size=(k, n))
        moves = [np.outer(e, Y[l]) for e in np.eye(m) for l in range(k)]
        moves += [np.outer(X[:, l], e) for e in np.eye(n) for l in range(k)]
        free = np.linalg.matrix_rank([move.ravel() for move in moves])
        assert answer(m, n, k) == free, (
            f"rank {k}, {m} × {n}: one can move in {free} directions"
        )
    return True


@exercise.define("la-rabbits")
def _(answer):
    a, b = 0, 1
    for n in range(60):
        assert abs(answer(n) - a) < 1e-6 * max(a, 1), f"F({n}) is {a}"
        a, b = b, a + b
    return True


@exercise.define("la-predict")
def _(answer):
    tail = lambda A: math.sqrt(np.sum(np.linalg.svd(A, compute_uv=False)[20:] ** 2))
    shuffled = np.random.default_rng(0).permutation(photo.ravel()).reshape(photo.shape)
    made = {
        "a": np.rot90(photo),
        "b": np.roll(photo, 160, axis=1),
        "c": photo + 0.5,
        "d": shuffled,
        "e": 2 * photo,
    }
    before, said = tail(photo), set(answer)
    assert said <= set(made), f"letters from a to e, not {sorted(said - set(made))}"
    for letter, image in made.items():
        same = abs(tail(image) - before) < 1e-6
        assert same == (letter in said), (
            f"{letter}: the error goes from {before:.4f} to {tail(image):.4f}"
        )
    return True


@exercise.define("la-break")
def _(answer):
    A, rank = answer
    A = np.asarray(A, float)
    assert A.shape == (2, 2) and np.linalg.cond(A) < 1e6, "harmless and 2 × 2, please"
    assert echelon(A)[1] == [], f"echelon finds the pivot columns {echelon(A)[1]}"
    rng = np.random.default_rng(0)
    for r in (0, 1, 2, 3):
        M = rng.normal(size=(5, r)) @ rng.normal(size=(r, 4))
        for unit in (1e-12, 1.0, 1e12):
            assert rank(unit * M) == r, f"rank {r} in units of {unit:g}: not seen"
    return True


@exercise.define("la-own-svd")
def _(answer):
    rng = np.random.default_rng(0)
    for shape in ((5, 3), (3, 5), (4, 4)):
        A = rng.normal(size=shape)
        if shape == (4, 4):
            A[:, 3] = A[:, 0] + A[:, 1]  # of rank 3
        U, s, Vt = answer(A)
        assert np.allclose((U * s) @ Vt, A, atol=1e-6), f"U Σ Vᵀ is not A for {shape}"
        assert np.allclose(U.T @ U, np.eye(len(s)), atol=1e-6), "U is not orthonormal"
        assert np.allclose(Vt @ Vt.T, np.eye(len(s)), atol=1e-6), "V is not orthonormal"
        assert np.all(s > 1e-7) and len(s) == np.linalg.matrix_rank(A), (
            "keep the layers with σ > 10⁻⁶ σ₁ only"
        )
    return True


# %% tags=["picture"] mystnb={"image": {"classes": "photo", "alt": "Two grey photographs of a Chinese temple on a lake side by side; the right one, rebuilt from 20 layers, is a little blurred but shows the same building."}}
colour_photo = datasets.load_sample_image("china.jpg")  # (427, 640, 3)
photo = (
    colour_photo[:426].reshape(213, 2, 320, 2, 3).mean((1, 3, 4)) / 255
)  # (213, 320)


def show_images(images, titles, size):
    fig, axes = plt.subplots(1, len(images), figsize=size)
    for ax, image, title in zip(axes, images, titles):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
        ax.set(title=title)
        ax.axis("off")
    return fig


photo_U, sigma, photo_Vt = np.linalg.svd(photo, full_matrices=False)
twenty_layers = (photo_U[:, :20] * sigma[:20]) @ photo_Vt[:20]
show_images((photo, twenty_layers), ("68,160 numbers", "10,680 numbers"), (6.8, 2.6))
plt.show()

# %% [markdown]
r"""
"Surely", says the practitioner. "No, there is a theorem", says everybody who has had a course. Guess before you read on; both will turn out to be right. The way there is one question: *what does a matrix do?* It moves space. Its rows ask questions, its columns give answers. It can forget. It has favourite directions. And seen in the right pair of frames, it only ever stretches.

You will be able to

- **see** a matrix as a map that moves a grid, and read columns, determinant, rank and eigenvectors off the picture,
- **eliminate** with a pencil, and know from the pivots what a matrix forgets,
- **find** the nearest point of a line, a plane, a span, which is all of least squares,
- **take apart** any matrix by its singular values, and a symmetric one by its eigenvalues, with proofs,
- **say** in which sense twenty layers are the best, and in which they are not.

It builds on arithmetic and a few derivatives. Reading takes an hour and a half. Lower case letters are numbers or vectors, vectors are columns, capitals are matrices; $a_{ij}$ stands in row $i$ and column $j$, $A^\top$ is $A$ with rows and columns swapped, $e_i$ the $i$-th unit vector, $I$ the matrix with columns $e_i$.

(see-a-matrix)=
## What does a matrix do?

A layer of a network is a matrix, a shift and a bend, and nearly all the arithmetic of a large model is vectors being multiplied by matrices. So what happens to a vector there?

(matrix-vector-product)=
**Columns are images.** Take $A=\begin{pmatrix}2&1\\1&2\end{pmatrix}$. The product $Ax$ mixes the columns of $A$, with the entries of $x$ as the recipe:

$$
A\begin{pmatrix}3\\-1\end{pmatrix}=3\begin{pmatrix}2\\1\end{pmatrix}-1\begin{pmatrix}1\\2\end{pmatrix}=\begin{pmatrix}5\\1\end{pmatrix},\qquad
Ax=x_1A_{:,1}+\dots+x_nA_{:,n} .
$$ (eq-la-columns)

In particular $Ae_1$ is the first column, $Ae_2$ the second. To see a matrix, then, watch where the unit vectors go. The whole grid follows, because a point $3e_1-e_2$ must go to $3$ times the first image minus the second: lines stay lines, parallels stay parallel, the origin stays. Drag the two dark dots, the images of $e_1$ and $e_2$. The ochre dot is a vector $x$ of length one, the arrow of its colour the image $Ax$; the ellipse is the image of the whole circle, its half-axes green.
"""


# %% tags=["set-up"]
def seen_in_figure(state):
    """Determinant and trace, eigenvalues, singular values, Ax, three projectors."""
    A, t = np.array(state["columns"]).T, state["angle"]
    eigen = np.sort_complex(np.linalg.eigvals(A).astype(complex))[::-1]
    U, s, Vt = np.linalg.svd(A)
    return [
        [np.linalg.det(A), np.trace(A)],
        [eigen[0].real, abs(eigen[0].imag), eigen[1].real],
        s.tolist(),
        (A @ [math.cos(t), math.sin(t)]).tolist(),
        np.outer(Vt[0], Vt[0]).ravel().tolist(),
        np.outer(U[:, 0], U[:, 0]).ravel().tolist(),
    ]


def random_columns(rng):
    return {
        "columns": rng.uniform(-2, 2, (2, 2)).round(3).tolist(),
        "angle": round(rng.uniform(0, 6.28), 3),
    }


def draw_grid(ax, A, colour, width=1.0, reach=3):
    """The image of the grid of whole numbers under A (2, 2)."""
    for k in range(-reach, reach + 1):
        for ends in (([k, k], [-reach, reach]), ([-reach, reach], [k, k])):
            ax.plot(*(A @ np.array(ends)), color=colour, lw=width, zorder=1)


def arrow(ax, v, colour):
    ax.annotate("", v, (0, 0), arrowprops=dict(arrowstyle="-|>", color=colour, lw=2.2))


# %% tags=["picture"]
def grid_picture(A):
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.3))
    for ax, M, title in zip(axes, (np.eye(2), A), ("before", "after")):
        draw_grid(ax, M, plot.GREY, 0.8)
        around = np.linspace(0, 2 * np.pi, 100)
        ax.plot(*(M @ [np.cos(around), np.sin(around)]), color=plot.ORANGE)
        for e, colour in zip(np.eye(2), (plot.BLUE, plot.RED)):
            arrow(ax, M @ e, colour)
        ax.set(xlim=(-3.4, 3.4), ylim=(-3.4, 3.4), aspect="equal", title=title)
        ax.grid(False)
    return fig


live(
    "matrix",
    {"columns": [[2, 1], [1, 2]], "angle": 0.3},
    still=grid_picture(np.array([[2, 1], [1, 2]])),
    states=[
        random_columns(rng) for rng in [np.random.default_rng(1)] for _ in range(20)
    ],
    truth=seen_in_figure,
    alt="A grid and the unit circle under a matrix whose two columns can be dragged: the grid slants, the circle becomes an ellipse; eigenvectors, singular directions, area and trace follow",
)

# %% [markdown]
r"""
Find four things. A setting where the grid collapses to a line. One where the plane is turned over, and what the area says there. One without any line that stays put (the dashed *eigenlines*). And the most stretched place of the circle: is it on an eigenline?

(linear-map)=
**Which maps are matrices?** A map $\Phi$ is *linear* if sums go to sums and multiples to multiples,

$$
\Phi(u+v)=\Phi(u)+\Phi(v),\qquad\Phi(\lambda v)=\lambda\,\Phi(v).
$$ (eq-la-linear)

(matrix-of-a-linear-map)=
Every $x\mapsto Ax$ is. Conversely write $x=\sum_jx_je_j$ and apply both rules:

$$
\Phi(x)=\sum_jx_j\,\Phi(e_j),
$$ (eq-la-matrix-of-map)

so $\Phi$ is the matrix with columns $\Phi(e_j)$. **The images of a basis decide everything.** This is a recipe: want the matrix of a turn by $90°$? It sends $e_1$ to $e_2$ and $e_2$ to $-e_1$; write these side by side.
"""


# %%
def matrix_of(f, n):  # the images of the unit vectors, side by side
    return np.column_stack([f(e) for e in np.eye(n)])


# %% [markdown]
r"""
(product-of-linear-maps)=
**One after the other.** First $B$, then $A$: $e_k$ goes to column $k$ of $B$ and from there to $A B_{:,k}$. So the matrix of the composition has the columns $AB_{:,k}$; entry by entry, this is the matrix product

$$
(AB)_{ij}=\sum_ka_{ik}b_{kj} .
$$ (eq-la-product)

The product is associative because maps are. It does not commute, because putting on socks and shoes does not.

(geometric-linear-transformations)=
Here are a turn by $60°$, a shear and both orders of the two, applied to a letter.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Four panels with the letter F: turned by 60 degrees, sheared, sheared after turning, turned after shearing. The last two differ."}}
letter = np.array(
    [
        [0, 0, 1, 1, 0.4, 0.4, 0.8, 0.8, 0.4, 0.4],
        [0, 2, 2, 1.6, 1.6, 1.2, 1.2, 0.8, 0.8, 0],
    ]
)
turn60 = np.array([[0.5, -math.sqrt(0.75)], [math.sqrt(0.75), 0.5]])
shear = np.array([[1.0, 1.0], [0.0, 1.0]])
fig, axes = plt.subplots(1, 4, figsize=(6.8, 1.9), sharey=True)
for ax, M, title in zip(
    axes,
    (turn60, shear, shear @ turn60, turn60 @ shear),
    ("turn", "shear", "turn, then shear", "shear, then turn"),
):
    ax.fill(*letter, color="#DDDDDD")
    ax.fill(*(M @ letter), color=plot.BLUE, alpha=0.8)
    ax.set(xlim=(-2.1, 3.3), ylim=(-0.3, 3.8), aspect="equal", title=title)
plt.show()

# %% tags=["checks"]
rng = np.random.default_rng(0)
x = rng.normal(size=(2, 400))
for_turn = lambda v: np.array(
    [
        (complex(*v) * np.exp(1j * np.pi / 3)).real,
        (complex(*v) * np.exp(1j * np.pi / 3)).imag,
    ]
)
verify(
    "turning by 60° as a matrix, against multiplying complex numbers",
    [matrix_of(for_turn, 2) @ x, turn60 @ x],
    [np.array([for_turn(v) for v in x.T]).T] * 2,
    atol=1e-12,
)
verify(
    "first turn, then shear: the product reads from right to left",
    matrix_of(lambda v: [for_turn(v)[0] + for_turn(v)[1], for_turn(v)[1]], 2),
    shear @ turn60,
    atol=1e-12,
)

# %% [markdown]
r"""
(affine-map-bias)=
**The shift.** A layer also adds a bias, $x\mapsto Wx+b$. That moves the origin, so it is not linear but *affine*. Append a 1 to the input and it is linear again, in one dimension more:

$$
Wx+b=\begin{pmatrix}W&b\end{pmatrix}\begin{pmatrix}x\\1\end{pmatrix}.
$$ (eq-la-bias)

A last row $0\dots0\,1$ hands the 1 on to the next layer. So thirty layers without a bend are one: the bend is what depth lives on.
"""


# %%
def layer(W, b):  # (m, n) and (m,) become one (m + 1, n + 1) matrix
    return np.block([[W, b[:, None]], [np.zeros(W.shape[1]), 1.0]])


# %% tags=["checks"]
rng = np.random.default_rng(1)
sizes = [4, 7, 5, 3]
Ws = [rng.normal(size=(m, n)) for n, m in zip(sizes, sizes[1:])]
bs = [rng.normal(size=m) for m in sizes[1:]]
inputs = rng.normal(size=(50, 4))


def through(inputs, bend):
    for W, b in zip(Ws, bs):
        inputs = bend(inputs @ W.T + b)
    return inputs


single = layer(Ws[2], bs[2]) @ layer(Ws[1], bs[1]) @ layer(Ws[0], bs[0])
verify(
    "three layers without a bend are one affine map",
    through(inputs, lambda z: z),
    (np.c_[inputs, np.ones(50)] @ single.T)[:, :3],
    atol=1e-10,
)
bent = through(inputs, lambda z: np.maximum(z, 0))
fitted = np.linalg.lstsq(np.c_[inputs, np.ones(50)], bent, rcond=None)[0]
verify_at_least(
    "with a bend: what the best single affine map misses, relative",
    np.linalg.norm(np.c_[inputs, np.ones(50)] @ fitted - bent)
    / np.linalg.norm(bent - bent.mean(0)),
    0.1,
)

# %% [markdown]
r"""
**Try it.** Mirror the plane at the diagonal $y=x$, then turn it by $90°$ against the clock. Which matrix is that?
"""

# %% tags=["yours"]
mirror_turn = ...  # a 2 × 2 array

exercise("la-mirror-turn").check(mirror_turn)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$e_1\to e_2\to-e_1$ and $e_2\to e_1\to e_2$: a mirror at the vertical axis. Two mirrors make a turn, and a mirror and a turn make a mirror.

```python
mirror_turn = np.array([[-1, 0], [0, 1]])
```

</details>
"""

# %% [markdown]
r"""
(rows-ask)=
## Rows ask questions

Read the product the other way, along the rows, and every entry of $Ax$ is one number about $x$. What does that number know? It decides what a neuron sees and what attention attends to.

(dot-product)=
**The dot product** of two lists is the sum of the products, $a^\top b=\langle a,b\rangle=\sum_ia_ib_i$. With itself it is the squared length, $\|a\|^2=a^\top a$ (Pythagoras). A query $q=(2,1)$ and three keys $(1,0)$, $(0,1)$, $(1,7)$: the scores are $2$, $1$ and $9$. Does the third key fit best? It is the longest; the first points more nearly the way of $q$. Alignment and length are mixed, and this separates them:

(cauchy-schwarz)=
:::{prf:theorem} Cauchy–Schwarz
:label: thm-la-cauchy-schwarz
$|\langle u,v\rangle|\le\|u\|\,\|v\|$, with equality exactly when $u$ and $v$ are dependent.
:::

:::{prf:proof}
For $v=0$ both sides are 0. For $v\ne0$ walk from $u$ along $v$; a squared length is never negative:

$$
0\le\|u-tv\|^2=\|u\|^2-2t\,\langle u,v\rangle+t^2\|v\|^2 .
$$ (eq-la-parabola)

This parabola in $t$ is lowest at $t=\langle u,v\rangle/\|v\|^2$, where its height is $\|u\|^2-\langle u,v\rangle^2/\|v\|^2$. That is not negative, which is the inequality. It is zero only if $u=tv$.
:::

(angle-between-vectors)=
So $\langle x,y\rangle/(\|x\|\|y\|)$ lies in $[-1,1]$ and may be called a cosine,

$$
\langle x,y\rangle=\|x\|\,\|y\|\cos\omega .
$$ (eq-la-angle)

In the plane it is the cosine: with $x=\|x\|(\cos\alpha,\sin\alpha)$ and $y$ likewise, the sum of products is $\|x\|\|y\|\cos(\alpha-\beta)$. Turn $u$ and see how low the parabola gets: to zero only when $u$ lies on the line of $v$.
"""


# %% tags=["picture"]
def parabola(degrees):
    v, u = (
        np.array([1.5, 0.5]),
        1.3
        * np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]),
    )
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.8))
    left.plot(*np.outer(v, [-2, 2]), color=plot.GREY, lw=0.8)
    arrow(left, u, plot.BLUE)
    arrow(left, v, plot.RED)
    t = np.linspace(-2, 2, 200)
    lowest = u @ v / (v @ v)
    left.plot(*np.c_[u, lowest * v], ":", color=plot.GREEN)
    left.set(
        xlim=(-2.2, 2.2), ylim=(-1.7, 1.7), aspect="equal", title="$u$ blue, $v$ red"
    )
    right.plot(t, u @ u - 2 * t * (u @ v) + t**2 * (v @ v), color=plot.BLUE)
    right.plot(lowest, u @ u - (u @ v) ** 2 / (v @ v), "o", color=plot.GREEN)
    right.axhline(0, color=plot.GREY, lw=0.8)
    right.set(xlabel="$t$", ylim=(-0.5, 8), title=r"$\|u-tv\|^2$")
    return fig


explore(
    parabola,
    alt="Left two arrows u and v, right the squared distance from u to t times v as a parabola in t; its lowest point is above zero except when u lies on the line of v",
    degrees=[0, 18.43, 45, 75, 108.43, 150, 198.43, 250, 300],
)

# %% [markdown]
r"""
(similarity-versus-distance)=
**Similar, near, long.** Is a large dot product the same as a small distance? Multiply out:

$$
\|x-y\|^2=\|x\|^2+\|y\|^2-2\langle x,y\rangle .
$$ (eq-la-similarity)

For vectors of one length, yes: the two sort the world alike. Otherwise a long vector is "similar" to everybody. Look for the best match of each of 397 test digits among 1,400 others, in three ways.
"""

# %% tags=["set-up"]
split = data.digits(1400)
products = split.X_test @ split.X_train.T  # (397, 1400)
lengths = np.linalg.norm(split.X_train, axis=1)
distances = (split.X_test**2).sum(1)[:, None] + lengths**2 - 2 * products  # squared
matches = {
    "largest dot product": products.argmax(1),
    "largest cosine": (products / lengths).argmax(1),
    "smallest distance": distances.argmin(1),
}
print(f"{'':22}right digit    different images used    their mean length")
for name, match in matches.items():
    print(
        f"{name:22}{np.mean(split.y_train[match] == split.y_test):10.1%}"
        f"{len(set(match)):18}{lengths[match].mean():26.2f}"
    )
print(f"{'all 1,400 images':22}{'':10}{'':18}{lengths.mean():26.2f}")

# %% [markdown]
r"""
The dot product prefers bold images, which answer to everything, and it names the wrong digit far more often. Normalise both sides, and the order is exactly that of the distance.

**What attention does.** A *transformer* scores keys by dot products with a query and turns the scores into weights by $w_i\propto e^{s_i}$ {cite:p}`vaswani2017`. How large do scores get? Let the entries of $q$ and $k$ be independent with mean 0 and variance 1. Then $s=\sum_{i=1}^dq_ik_i$ has mean 0 and variance $d$: each product has variance $1\cdot1$, and variances of independent terms add. With $d=64$ the scores are of size 8, and $e^{8}$ against $e^{0}$ leaves most of the weight on one key. Hence the division by $\sqrt d$.
"""


# %%
def attention_weights(q, K, scale):  # q (d,), K (n, d)
    s = K @ q / scale
    w = np.exp(s - s.max())
    return w / w.sum()


# %% tags=["set-up"]
def largest_weight(d, scale, draws=400):
    """The largest of sixteen attention weights, for random queries and keys: (draws,)."""
    rng = np.random.default_rng(d)
    return np.array(
        [
            attention_weights(rng.normal(size=d), rng.normal(size=(16, d)), scale).max()
            for _ in range(draws)
        ]
    )


winners = {
    "plain scores": [largest_weight(d, 1.0).mean() for d in (4, 64, 1024)],
    "divided by √d": [largest_weight(d, math.sqrt(d)).mean() for d in (4, 64, 1024)],
}
header = (
    f"{'largest of 16 weights, mean':28}{'d = 4':>10}{'d = 64':>10}{'d = 1024':>10}"
)
lines = [f"{name:28}" + "".join(f"{v:10.2f}" for v in w) for name, w in winners.items()]
print("\n".join([header, *lines]))

# %% tags=["checks"]
spread = np.random.default_rng(2)
scores = (spread.normal(size=(20_000, 64)) * spread.normal(size=(20_000, 64))).sum(1)
verify_within_se("variance of the scores is the dimension", scores**2, 64.0)
plain, scaled = (
    np.array([largest_weight(d, s(d)).mean() for d in (64, 1024)])
    for s in (lambda d: 1.0, math.sqrt)
)
verify_at_least("plain scores, d = 1024: mean weight of the winner", plain[1], 0.9)
verify("scaled: the dimension is no longer seen", scaled[1], scaled[0], rtol=0.1)
q, K = spread.normal(size=64), spread.normal(size=(9, 64))
cosine = 1 - spatial.distance.cdist(K, q[None], "cosine")[:, 0]
scores = np.linalg.norm(q) * np.linalg.norm(K, axis=1) * cosine / math.sqrt(64)
verify(
    "attention weights, by SciPy's softmax of cosines times lengths, also for huge scores",
    [attention_weights(c * q, K, 8.0) for c in (1, 1e4)],
    [special.softmax(c * scores) for c in (1, 1e4)],
    atol=1e-9,
)
tree_nearest = spatial.cKDTree(split.X_train).query(split.X_test)[1]
unit = split.X_train / lengths[:, None]
by_tree = spatial.cKDTree(unit).query(
    split.X_test / np.linalg.norm(split.X_test, axis=1)[:, None]
)[1]
verify(
    "by trees: smallest distance; largest cosine is the nearest after normalising",
    [matches["smallest distance"], matches["largest cosine"]],
    [tree_nearest, by_tree],
)
right = {name: np.mean(split.y_train[m] == split.y_test) for name, m in matches.items()}
verify_at_least(
    "right digits: cosine ahead of the dot product",
    right["largest cosine"] - right["largest dot product"],
    0.1,
)
keys = np.array([[1, 0], [0, 1], [1, 7]])
turned_from_q = abs(np.arctan2(keys[:, 1], keys[:, 0]) - math.atan2(1, 2))
verify(
    "the three keys: the highest score, and the one that points most nearly like q",
    [(keys @ [2, 1]).argmax(), turned_from_q.argmin()],
    [3 - 1, 1 - 1],
)

# %% [markdown]
r"""
**Try it.** Your query is $q=(1,0,0)$. Find a key that scores at least 10 although it points away from $q$ by more than $80°$.
"""

# %% tags=["yours"]
loud_key = ...  # three numbers

exercise("la-loud-key").check(loud_key)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\cos80°\approx0.17$, so the length must exceed $10/0.17\approx58$.

```python
loud_key = np.array([10.0, 100.0, 0.0])
```

</details>
"""

# %% [markdown]
r"""
(area-and-undo)=
## Can it be undone?

Models that generate by warping noise need two things of each step: that it can be undone, and by how much it spreads what it moves. For a matrix both are decided by one number.

(determinant)=
**The area.** $A=\begin{pmatrix}a&b\\c&d\end{pmatrix}$ sends the unit square to the parallelogram with corners $0,(a,c),(a+b,c+d),(b,d)$. The box around it has area $(a+b)(c+d)$ (all entries positive, $ad>bc$, to have a picture before the eyes). Cut away two triangles of area $\frac12ac$, two of $\frac12bd$ and two rectangles $bc$:

$$
(a+b)(c+d)-ac-bd-2bc=ad-bc .
$$ (eq-la-area)

For our running example $2\cdot2-1\cdot1=3$: every figure becomes three times as large, since it can be filled with small squares. If $ad<bc$ the parallelogram is the mirrored one, and the number is minus its area.

:::{prf:definition} Determinant
:label: def-la-determinant
$\det A$ is the factor by which $x\mapsto Ax$ multiplies volumes, with a minus sign if it mirrors.
:::

Two rules come for free. One map after the other multiplies the factors, $\det(AB)=\det A\det B$; and scaling $n$ axes by $\alpha$ gives $\det(\alpha A)=\alpha^n\det A$. If the volume factor is zero, the images of the $e_i$ span none: one is a mixture of the others, so two recipes have the same image, and nothing can undo that.

(matrix-inverse)=
(inverse-2x2-formula)=
**The inverse** of a square $A$ is the matrix with $AA^{-1}=A^{-1}A=I$. There is at most one: if $XA=I=AY$, then $X=X(AY)=(XA)Y=Y$. To undo "first $B$, then $A$", undo $A$ first: $(AB)^{-1}=B^{-1}A^{-1}$. For two rows, multiply out and see the rest cancel:

$$
\begin{pmatrix}a&b\\c&d\end{pmatrix}\begin{pmatrix}d&-b\\-c&a\end{pmatrix}=(ad-bc)\,I
\quad\Longrightarrow\quad
A^{-1}=\frac1{ad-bc}\begin{pmatrix}d&-b\\-c&a\end{pmatrix}.
$$ (eq-la-inverse)
"""


# %%
def det2(A):
    (a, b), (c, d) = A
    return a * d - b * c


def inverse2(A):
    (a, b), (c, d) = A
    return np.array([[d, -b], [-c, a]]) / det2(A)


# %% [markdown]
r"""
Move $d$. Left the image of the square, right what the inverse does to it. At $d=\frac12$ the square is a line; close by, the inverse is violent.
"""


# %% tags=["picture"]
def flatten(d):
    A = np.array([[2.0, 1.0], [1.0, d]])
    square = np.array([[0, 1, 1, 0], [0, 0, 1, 1.0]])
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.9))
    for ax, M, name in zip(
        axes, (A, None if det2(A) == 0 else inverse2(A)), ("A", "A^{-1}")
    ):
        ax.fill(*square, color="#CCCCCC")
        if M is None:
            ax.text(0, 1.2, "no inverse", ha="center")
        else:
            ax.fill(*(M @ square), color=plot.BLUE, alpha=0.6)
            ax.set_title(
                rf"area factor of ${name}$: {det2(M):.2f}".replace("-", "−", 1)
                if det2(M) < 0
                else rf"area factor of ${name}$: {det2(M):.2f}"
            )
        ax.set(xlim=(-4, 4), ylim=(-2, 3.5), aspect="equal")
    return fig


explore(
    flatten,
    alt="Left the image of the unit square, right its image under the inverse: when the left parallelogram becomes flat the right one becomes long and leaves the picture",
    d=[2.0, 1.5, 1.0, 0.75, 0.6, 0.5, 0.4, 0.25, 0.0, -0.5],
)

# %% tags=["checks"]
rng = np.random.default_rng(3)
darts = rng.uniform(-4, 4, (200_000, 2))
A = np.array([[2.0, 1.0], [1.0, 2.0]])
inside = ((darts @ inverse2(A).T > 0) & (darts @ inverse2(A).T < 1)).all(1)
verify_within_se("area of the image of the unit square, by darts", 64 * inside, 3.0)
many = rng.normal(size=(300, 2, 2))
verify(
    "300 inverses, against elimination",
    [inverse2(M) for M in many],
    np.linalg.solve(many, np.tile(np.eye(2), (300, 1, 1))),
    rtol=1e-8,
    atol=1e-10,
)
corners = many @ np.array([[0, 1, 1, 0], [0, 0, 1, 1.0]])  # (300, 2, 4)
X, Y = corners[:, 0], corners[:, 1]
shoelace = (X * np.roll(Y, -1, 1) - Y * np.roll(X, -1, 1)).sum(1) / 2
verify(
    "300 signed areas of the four corners, walked around",
    [det2(M) for M in many],
    shoelace,
    atol=1e-10,
)
M3 = rng.normal(size=(2, 3, 3))
volume = spatial.ConvexHull(
    (M3[0] @ M3[1] @ np.array(list(itertools.product([0, 1.0], repeat=3))).T).T
).volume
verify(
    "3-d, one map after the other: the volumes multiply",
    volume,
    abs(np.linalg.det(M3[0]) * np.linalg.det(M3[1])),
    rtol=1e-9,
)

# %% [markdown]
r"""
**Try it.** Give a matrix that stretches the diagonal $(1,1)$ threefold and leaves every area as it is.
"""

# %% tags=["yours"]
area_keeper = ...  # a 2 × 2 array

exercise("la-area-keeper").check(area_keeper)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The rows have to sum to 3, and $ad-bc=1$. Choose the first row, $a=2$, $b=1$; then $2d-c=1$ and $c+d=3$ give $d=\frac43$, $c=\frac53$.

```python
area_keeper = np.array([[2, 1], [5 / 3, 4 / 3]])
```

</details>
"""

# %% [markdown]
r"""
(what-gets-lost)=
## What gets lost?

How does one see, in many dimensions, what a matrix forgets? And why do practitioners fine-tune a model of billions of weights by *adding matrices that forget nearly everything*?

(linear-system)=
**Elimination.** To solve $Ax=b$, subtract multiples of equations from one another until the unknowns can be read off. Follow it on

$$
\begin{pmatrix}\mathbf1&2&3\\2&4&7\\3&6&10\end{pmatrix}
\to\begin{pmatrix}\mathbf1&2&3\\0&0&1\\0&0&1\end{pmatrix}
\to\begin{pmatrix}\mathbf1&2&3\\0&0&\mathbf1\\0&0&0\end{pmatrix}
$$ (eq-la-elimination)

Rows two and three lost $2$ and $3$ times the first; then row three lost row two. The second column has nothing left to eliminate with and is skipped. A *row step* is one of three: swap two rows, multiply a row by a number other than 0, subtract a multiple of one row from another. The result is an *echelon form*: each row starts further right than the one above, with zero rows at the bottom. The first non-zero entry of a row is its *pivot* (bold), the columns with a pivot are the *pivot columns*, the others the *free* ones. Here 1 and 3 have pivots and 2 is free.

Two facts carry everything that follows.

1. Every row step can be undone by a row step. So the solutions of $Ax=0$ stay the same, and so do all mixtures of the rows.
2. $Ax=0$ is a relation between the columns: $x_1A_{:,1}+\dots+x_nA_{:,n}=0$. So **relations between columns stay the same**. In the echelon form one sees that column 2 is twice column 1; then it was so in $A$.
"""


# %%
def echelon(A, tol=1e-9):
    A, row, pivots = np.array(A, float), 0, []
    for col in range(A.shape[1]):
        if row == len(A):
            break
        best = row + abs(A[row:, col]).argmax()  # the safest pivot
        if abs(A[best, col]) <= tol:  # a free column
            continue
        A[[row, best]] = A[[best, row]]
        A[row + 1 :] -= np.outer(A[row + 1 :, col] / A[row, col], A[row])
        pivots.append(col)
        row += 1
    return A, pivots


# %% [markdown]
r"""
(span)=
(linear-independence)=
(basis)=
**Words for it.** A *linear combination* of $v_1,\dots,v_k$ is $\sum_ia_iv_i$, and all of them together are the *span*. The $v_i$ are *independent* if only $a=0$ gives $\sum_ia_iv_i=0$; that is, if elimination finds no free column. Otherwise one of them is a combination of the others and can be dropped without loss. A *basis* of a space is an independent family that spans it: enough, and none too many.

(dimension)=
**Every basis has the same number of members.** Let $v_1,\dots,v_m$ span a space, and in it let $w_1,\dots,w_k$ be more, $k>m$. Write each $w_j=\sum_ic_{ij}v_i$. The table $C$ has $m$ rows, so at most $m$ pivots, and $k>m$ columns: one is free, and $Cx=0$ for some $x\ne0$. Then $\sum_jx_jw_j=\sum_i(Cx)_iv_i=0$: the $w_j$ are dependent. So no independent family is larger than a spanning one, and two bases, being both, have equal size. It is called the *dimension*.

(basis-by-pivot-columns)=
(matrix-rank)=
**Rank.** Which columns of $A$ are a basis of its column space? The pivot columns: in the echelon form they are independent and each free column is a combination of pivot columns to its left; by fact 2 that holds in $A$. Take them *from $A$*, not from the echelon form. And the rows that are not zero are a basis of the row space: independent as the steps of a stair are, and spanning by fact 1. Both count the pivots:

$$
\dim(\text{column space})=\text{number of pivots}=\dim(\text{row space})=:\operatorname{rk}A .
$$ (eq-la-rank)

(kernel-and-image)=
**What is forgotten.** The *kernel* $\ker A=\{x:Ax=0\}$ is what $A$ forgets, the *image* (the column space) what it can say. Choose the free unknowns at will; the pivots then determine the others. Setting one free unknown to 1, the others to 0, gives a basis of the kernel, so

$$
\dim\ker A=n-\operatorname{rk}A .
$$ (eq-la-rank-nullity)

For [our example](#eq-la-elimination) $x_2=1$ gives $x_3=0$, $x_1=-2$: the kernel is the line of $(-2,1,0)$. And if $x_p$ is one solution of $Ax=b$, then all of them are $x_p$ plus the kernel; there is one at all exactly if $b$ brings no new pivot, $\operatorname{rk}[A\,|\,b]=\operatorname{rk}A$. An $n\times n$ matrix can be undone exactly if its rank is $n$.
"""

# %% tags=["checks"]
example = np.array([[1, 2, 3], [2, 4, 7], [3, 6, 10]])
verify("pivot columns of the example, counted from 0", echelon(example)[1], [0, 2])
rng = np.random.default_rng(4)
agree = []
for _ in range(60):
    m, n, r = rng.integers(2, 6, 3)
    M = rng.integers(-2, 3, (m, r)) @ rng.integers(-2, 3, (r, n))
    reduced, pivots = echelon(M)
    R, exact = sp.Matrix(M.tolist()).rref()
    below = np.abs(np.tril(reduced[:, pivots], -1)).max(initial=0) < 1e-9
    same_rows = np.linalg.matrix_rank(np.r_[M, reduced]) == len(exact)
    agree.append([pivots == list(exact), below, same_rows])
verify(
    "60 random matrices: pivots by exact fractions; echelon form; same row space",
    np.mean(agree, 0),
    np.ones(3),
)
M = rng.normal(size=(6, 3)) @ rng.normal(size=(3, 8))
verify(
    "6 × 8 of rank 3: pivots of A, of its transpose, and kernel by singular values",
    [len(echelon(M)[1]), len(echelon(M.T)[1]), linalg.null_space(M).shape[1]],
    [3, 3, 8 - 3],
)
verify(
    "a right side in the image brings no pivot, another does",
    [
        len(echelon(np.c_[M, b])[1])
        for b in (M @ rng.normal(size=8), rng.normal(size=6))
    ],
    [3, 4],
)
small = np.array([[0, 1e-17, 1.0], [0, 1.0, 1.0]])
verify(
    "the safest pivot: a tiny one is not divided by, a zero column is free",
    echelon(small, tol=0)[0],
    [[0, 1.0, 1.0], [0, 0.0, 1.0]],
    atol=1e-12,
)

# %% [markdown]
r"""
(outer-product)=
**Rank one.** The *outer product* $ab^\top$ is the table of all products $a_ib_j$. Every column is a multiple of $a$; it asks one question and answers in one direction,

$$
(ab^\top)x=a\,(b^\top x),\qquad AB=\sum_kA_{:,k}\,B_{k,:} .
$$ (eq-la-outer)

The second formula reads a matrix product as a sum of rank-one *layers*, one for each inner index; so the columns of $AB$ are mixtures of those of $A$, and $\operatorname{rk}AB$ is at most the number of inner indices. The photograph rebuilt from twenty layers is such a product, $213\times20$ times $20\times320$.

**What training does.** The gradient of a linear layer $z=Wx$ for one example is $\delta x^\top$, where $\delta=\partial\ell/\partial z$ (for a softmax, [prediction minus target](#logistic-gradient)): the derivative of $z_i$ by $W_{ij}$ is $x_j$. Rank one. A batch of $m$ examples (of $m$ tokens, where the layer is applied to each) adds $m$ of them: rank at most $m$, however large $W$ is. *LoRA* {cite:p}`hu2022` builds on the hope that what fine-tuning has to change is of low rank too: it freezes $W$ and trains $W+BA$ with $r$ inner indices, $r(m+n)$ numbers instead of $mn$. For $4096\times4096$ and $r=8$ that is 1 number in 256.
"""


# %%
def softmax_gradient(W, X, y):  # W (10, 64), X (n, 64)
    Z = X @ W.T
    P = np.exp(Z - Z.max(1, keepdims=True))
    delta = P / P.sum(1, keepdims=True) - np.eye(10)[y]  # (n, 10)
    return delta.T @ X / len(X)  # a sum of n outer products


# %% tags=["set-up"]
def softmax_loss(W, X, y):
    return np.mean(special.logsumexp(X @ W.T, axis=1) - (X @ W.T)[np.arange(len(X)), y])


W0 = 0.1 * np.random.default_rng(5).normal(size=(10, 64))
print("examples in the batch   rank of the gradient (10 × 64)")
for n in (1, 2, 5, 9, 10, 50):
    rank = np.linalg.matrix_rank(
        softmax_gradient(W0, split.X_train[:n], split.y_train[:n])
    )
    print(f"{n:12}{rank:22}")

# %% [markdown]
r"""
Nine, and not ten, is where it stops. The ten probabilities sum to one, so the entries of every $\delta$ sum to zero, and the rows of the gradient are dependent: the last pivot is missing.
"""

# %% tags=["checks"]
E = np.random.default_rng(6).normal(size=(5, 10, 64))
few = (split.X_train[:5], split.y_train[:5])
certain = special.softmax(1e4 * few[0] @ W0.T, axis=1) - np.eye(10)[few[1]]
verify(
    "logits of thousands do not overflow",
    softmax_gradient(1e4 * W0, *few),
    sum(np.outer(delta, x) for delta, x in zip(certain, few[0])) / 5,
    atol=1e-12,
)
verify(
    "the gradient along five random directions, by differences of the loss",
    [(softmax_gradient(W0, *few) * e).sum() for e in E],
    [
        (softmax_loss(W0 + 1e-5 * e, *few) - softmax_loss(W0 - 1e-5 * e, *few)) / 2e-5
        for e in E
    ],
    atol=1e-7,
)
verify(
    "rank for n examples: n, but never more than 9",
    [
        np.linalg.matrix_rank(
            softmax_gradient(W0, split.X_train[:n], split.y_train[:n])
        )
        for n in (1, 2, 5, 9, 10, 50)
    ],
    [min(n, 10 - 1) for n in (1, 2, 5, 9, 10, 50)],
)
verify(
    "the dependence: the rows of the gradient sum to",
    softmax_gradient(W0, *few).sum(0),
    np.zeros(64),
    atol=1e-12,
)

# %% [markdown]
r"""
**Try it.** $B=\begin{pmatrix}1&3&1&2\\2&6&3&5\end{pmatrix}$. Find a vector with $x_2=1$, $x_4=1$ that $B$ sends to zero.
"""

# %% tags=["yours"]
forgotten = ...  # four numbers

exercise("la-forgotten").check(forgotten)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Row two minus twice row one is $(0,0,1,1)$: pivots in columns 1 and 3. With $x_2=x_4=1$ the second row gives $x_3=-1$, the first $x_1=-3+1-2=-4$.

```python
forgotten = np.array([-4, 1, -1, 1])
```

</details>
"""

# %% [markdown]
r"""
(nearest-point)=
## The nearest point

One apple was sold for 2, two for 1, another two for 7. What does an apple cost? No price $t$ makes $t\,(1,2,2)$ equal to $(2,1,7)$; which comes nearest? That is linear regression, the last layer of many networks, and soon the measure for pictures.

(orthogonality)=
Vectors are *orthogonal*, $x\perp y$, if $\langle x,y\rangle=0$, and *orthonormal* if in addition they have length 1. Then $\|x+y\|^2=\|x\|^2+\|y\|^2$, because the mixed term $2\langle x,y\rangle$ is gone. Orthogonal vectors other than 0 are independent: multiply $\sum_ia_ix_i=0$ by $x_j$, and only $a_j\|x_j\|^2=0$ is left.

(projection-onto-line)=
**A line.** For $b=(1,2,2)$ and $x=(2,1,7)$ the [parabola](#eq-la-parabola) is lowest at $t=\frac{b^\top x}{b^\top b}=\frac{18}9=2$: the apple costs 2. The nearest point is $(2,4,4)$, and what remains, $(0,-3,3)$, is orthogonal to $b$: $0-6+6=0$.

$$
\pi(x)=\frac{b^\top x}{b^\top b}\,b=Px,\qquad P=\frac{bb^\top}{b^\top b} .
$$ (eq-la-line)

(orthogonal-projection-onto-subspace)=
**A span.** The same right angle finds the nearest point of any span.

:::{prf:theorem} Orthogonal projection
:label: thm-la-projection
Let the columns of $B$ be independent. The point of their span nearest to $x$ is $B\beta$ with $B^\top B\beta=B^\top x$, that is $Px$ with $P=B(B^\top B)^{-1}B^\top$.
:::

:::{prf:proof}
Ask that the rest be orthogonal to every column, $B^\top(x-B\beta)=0$: the equation above. It has exactly one solution, since $B^\top Bz=0$ gives $\|Bz\|^2=z^\top B^\top Bz=0$, so $Bz=0$ and $z=0$. Any other point $B\gamma$ is farther, by Pythagoras:

$$
\|x-B\gamma\|^2=\|x-B\beta\|^2+\|B(\beta-\gamma)\|^2 .
$$ (eq-la-nearest)
:::
"""


# %%
def nearest(B, x):
    beta = np.linalg.solve(B.T @ B, B.T @ x)
    return B @ beta


# %% [markdown]
r"""
*Least squares* is this and nothing else: the columns of $B$ are the features, $x$ the targets, the fitted values their shadow.

(orthonormal-basis)=
**Bases for which one need not solve.** If the columns $q_i$ are orthonormal then $Q^\top Q=I$ and the coordinates are plain dot products. Multiply $x=\sum_ic_iq_i$ by $q_j$, and Pythagoras:

$$
x=\sum_i\langle q_i,x\rangle\,q_i,\qquad\|x\|^2=\sum_i\langle q_i,x\rangle^2 .
$$ (eq-la-parseval)

The second formula is *Parseval's*. It makes one thing easy: if only $k$ of the coordinates may be kept, the squared error is the sum of the squares of those dropped, so **keep the $k$ largest**. [Gram and Schmidt](#gram-schmidt) make every independent family orthonormal.

The cosines $q_{k}(j)\propto\cos\bigl(\pi k(j+\frac12)/n\bigr)$, $k=0,\dots,n-1$, are an orthonormal basis of $\mathbb R^n$. (Neighbours add up to $q_k(j-1)+q_k(j+1)=2\cos\frac{\pi k}n\,q_k(j)$, beyond the ends too, where the cosine mirrors itself: one symmetric matrix only stretches each of them, by factors that differ, and [such vectors are orthogonal](#eigenspace).) And products of them, $q_k(i)\,q_l(j)$, are one of images. It begins with the slow waves; JPEG stores pictures in it, in blocks of $8\times8$ {cite:p}`wallace1991`.
"""


# %%
def cosines(n):  # the columns are the basis
    j, k = np.arange(n)[:, None], np.arange(n)
    Q = np.cos(np.pi * k * (j + 0.5) / n) * math.sqrt(2 / n)
    Q[:, 0] = math.sqrt(1 / n)
    return Q


# %% tags=["picture"] mystnb={"image": {"alt": "Sixteen of the 64 products of cosines as patches of eight by eight pixels, from plain grey over slow waves to a checkerboard."}}
fig, axes = plt.subplots(2, 8, figsize=(6.8, 1.9))
Q8 = cosines(8)
for ax, (k, l) in zip(
    axes.flat,
    [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
        (0, 2),
        (2, 0),
        (1, 2),
        (2, 1),
        (2, 2),
        (0, 3),
        (3, 0),
        (3, 1),
        (3, 3),
        (4, 2),
        (5, 5),
        (7, 7),
    ],
):
    ax.imshow(np.outer(Q8[:, k], Q8[:, l]), cmap="gray", vmin=-0.25, vmax=0.25)
    ax.axis("off")
plt.show()

# %% tags=["checks"]
verify(
    "cosines of length 213 against scipy's transform",
    cosines(213).T,
    fft.dct(np.eye(213), axis=0, norm="ortho"),
    atol=1e-12,
)
patients = data.diabetes(442 - 2)
B = np.c_[np.ones(440), patients.X_train]
by_library = LinearRegression().fit(patients.X_train, patients.y_train)
verify(
    "diabetes: fitted values against scikit-learn",
    nearest(B, patients.y_train),
    by_library.predict(patients.X_train),
    rtol=1e-8,
)
rng = np.random.default_rng(7)
B, x = rng.normal(size=(6, 2)), rng.normal(size=6)
found = optimize.minimize(
    lambda z: np.linalg.norm(x - B @ z),
    np.zeros(2),
    method="Nelder-Mead",
    options=dict(xatol=1e-9, fatol=1e-12, maxiter=2000),
)
verify("the nearest point, by search", B @ found.x, nearest(B, x), atol=1e-4)
b = np.array([1, 2, 2])
line = optimize.minimize_scalar(lambda t: np.linalg.norm(np.array([2, 1, 7]) - t * b))
verify(
    "the example on the line, by search", line.x, (b @ [2, 1, 7]) / (b @ b), atol=1e-6
)

# %% [markdown]
r"""
**Try it.** Project $(4,1,1,2)$ onto the line of $(1,1,1,1)$. Which well-known number comes out, four times?
"""

# %% tags=["yours"]
well_known = ...  # a number

exercise("la-well-known").check(well_known)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac{b^\top x}{b^\top b}=\frac84$: the mean is a projection, and the deviations from it are orthogonal to the constant vector.

```python
well_known = np.mean([4, 1, 1, 2])
```

</details>
"""

# %% [markdown]
r"""
(favourite-directions)=
## Favourite directions

In [the figure](#see-a-matrix) turn the ochre dot round: our example $A=\begin{pmatrix}2&1\\1&2\end{pmatrix}$ knocks nearly every $x$ off its line. Two dashed lines stay. Whoever knows them knows what multiplying a thousand times does and, as we shall see, how large a step gradient descent may take.

Multiply and multiply again. Our $A$ sends $(1,0)$ to $(2,1)$, then to $(5,4)$, $(14,13)$, $(41,40)$. Unless the start lies on the other diagonal, the arrow leans towards the diagonal and becomes nearly three times as long in each step.

(eigenvalues-and-eigenvectors)=
The diagonal is a direction that $A$ only stretches: $A\begin{pmatrix}1\\1\end{pmatrix}=3\begin{pmatrix}1\\1\end{pmatrix}$. So is the other, $A\begin{pmatrix}1\\-1\end{pmatrix}=1\begin{pmatrix}1\\-1\end{pmatrix}$. A vector $v\ne0$ with

$$
Av=\lambda v
$$ (eq-la-eigen)

is an *eigenvector*, and $\lambda$ its *eigenvalue*.

(characteristic-polynomial)=
**Finding them.** $Av=\lambda v$ with $v\ne0$ says that $A-\lambda I$ forgets $v$: it flattens space, so its [determinant](#determinant) is zero. The eigenvalues are the roots of

$$
\det(A-\lambda I)=0,\qquad\text{here}\quad(2-\lambda)^2-1=0,\quad\lambda=3\text{ or }1,
$$ (eq-la-characteristic)

and for each root elimination finds the kernel of $A-\lambda I$. For a turn by $90°$ the equation is $\lambda^2+1=0$: no real root, no line that stays.

(power-iteration)=
**Why multiplying finds the largest.** Split the start, $(1,0)=\frac12(1,1)+\frac12(1,-1)$. Four multiplications make it $\frac{81}2(1,1)+\frac12(1,-1)=(41,40)$. In general, suppose that eigenvectors $v_1,\dots,v_n$ form a basis, that one eigenvalue is larger in size than all the others, $|\lambda_1|>|\lambda_2|\ge\dots$, and that the start $x_0=\sum_ic_iv_i$ has $c_1\neq0$. Then

$$
A^tx_0=\sum_ic_i\lambda_i^tv_i=\lambda_1^t\Bigl(c_1v_1+\sum_{i>1}c_i\Bigl(\frac{\lambda_i}{\lambda_1}\Bigr)^{\!t}v_i\Bigr),
$$ (eq-la-power)

and everything but $v_1$ dies at the rate $|\lambda_2/\lambda_1|$ or faster. Largest *in size*: of $3$ and $-4$ it finds $-4$. (Who wants the $3$ iterates with $A+cI$, which adds $c$ to every eigenvalue.) Without $c_1\ne0$, or with two eigenvalues of equal size, it can fail. From $(1,-1)$ our example stays where it is, for ever; but where $c_1$ is zero only up to rounding, the rounding grows until it has won. Normalise on the way, or the numbers overflow. And once $x$ has length one and $Ax\approx\lambda x$, the eigenvalue is the number $x^\top Ax\approx\lambda x^\top x=\lambda$.
"""


# %%
def power_iteration(multiply, x, steps):
    for _ in range(steps):
        x = multiply(x)
        x = x / np.linalg.norm(x)
    return x @ multiply(x), x  # eigenvalue, eigenvector


# %% tags=["picture"] mystnb={"image": {"alt": "Angle between the iterate and the leading eigenvector on a logarithmic axis against steps. Three symmetric matrices with ratios 1/3, 0.7 and 0.95 of the eigenvalues give straight lines of different slopes; a rotation swings up and down and never settles."}}
def misses(A, target, steps=40):
    """Sine of the angle between the iterate and the target, after every step."""
    x, out = np.array([1.0, 0.3]), []
    for _ in range(steps):
        out.append(np.linalg.norm(x - (x @ target) * target) / np.linalg.norm(x))
        x = A @ x / np.linalg.norm(A @ x)
    return np.array(out)


diagonal, other = np.array([1, 1]) / math.sqrt(2), np.array([1, -1]) / math.sqrt(2)
missed = {
    f"$\\lambda_2/\\lambda_1={ratio:.2g}$": misses(
        np.outer(diagonal, diagonal) + ratio * np.outer(other, other), diagonal
    )
    for ratio in (1 / 3, 0.7, 0.95)
} | {
    "a turn by 36°": misses(
        np.array(
            [
                [math.cos(np.pi / 5), -math.sin(np.pi / 5)],
                [math.sin(np.pi / 5), math.cos(np.pi / 5)],
            ]
        ),
        diagonal,
    )
}
for (name, curve), colour in zip(
    missed.items(), (plot.GREEN, plot.BLUE, plot.ORANGE, plot.RED)
):
    plt.semilogy(curve, color=colour, label=name)
plt.xlabel("step")
plt.ylabel("sine of the angle missed")
plt.ylim(1e-16, 3)
plt.legend(loc="lower left")
plt.show()

# %% [markdown]
r"""
The slopes are $\log(\lambda_2/\lambda_1)$. A turn never settles: its eigenvalues $e^{\pm i\omega}$ are equally large. And `multiply` is a *function*: the matrix is never looked at.

(spectral-theorem)=
**Symmetric matrices are never without.** Curvature and covariance matrices are symmetric, $A^\top=A$, and for these all is well.

:::{prf:theorem} Spectral theorem
:label: thm-la-spectral
A symmetric $A$ has an orthonormal basis of eigenvectors $q_1,\dots,q_n$ with real eigenvalues: $A=Q\Lambda Q^\top=\sum_i\lambda_iq_iq_i^\top$.
:::

:::{prf:proof}
Among all vectors of length one, a closed and bounded set, let $q_1$ be one at which the continuous function $x^\top Ax$ is largest, with value $\lambda_1$. So $x^\top Ax\le\lambda_1\|x\|^2$ for all $x$. Take any $v\perp q_1$ and put $x=q_1+tv$:

$$
\lambda_1+2t\,v^\top Aq_1+t^2v^\top Av\le\lambda_1(1+t^2\|v\|^2)\quad\text{for all }t .
$$ (eq-la-rayleigh)

For small $t$ of either sign the term linear in $t$ would win, so $v^\top Aq_1=0$. Thus $Aq_1$ is orthogonal to everything orthogonal to $q_1$. What is left of it beside its shadow on $q_1$ is then orthogonal to itself, hence zero: $Aq_1$ is a multiple of $q_1$, and $q_1^\top Aq_1=\lambda_1$ says which. And $A$ sends the vectors orthogonal to $q_1$ to such vectors, $q_1^\top Av=(Aq_1)^\top v=0$. Repeat there, in one dimension less. (Symmetry was used for $v^\top Aq_1=q_1^\top Av$.)
:::

A symmetric matrix stretches along perpendicular axes, and the quadratic form is $x^\top Ax=\sum_i\lambda_i\langle q_i,x\rangle^2$.

(positive-definite-matrix)=
**Bowls and saddles.** A symmetric $A$ is *positive definite* if $x^\top Ax>0$ for all $x\ne0$, which by that sum means all $\lambda_i>0$: a bowl. With none negative it is *positive semidefinite*; with some $\lambda_i=0$, a valley; with both signs *indefinite*, a saddle. Where the gradient is zero, a positive definite [Hessian](#hessian) (the matrix of second derivatives) means a minimum, a negative eigenvalue means none, and a semidefinite one leaves it open.

**The curvature of a classifier.** How large a step may gradient descent take? Below $2/L$, where $L$ is the largest curvature of the loss in any direction ([Gradient descent](#curvature-limits-step-size)). A model with a million weights has a million directions, and curvature is a matrix of a million times a million. Nobody writes it down, and yet some hundred gradients find $L$. Here is how, on softmax regression for digits, where 640 weights (random ones: nothing is trained yet) still allow the control. A Hessian times a vector is the change of the gradient along it, $Hv\approx\frac{g(w+\epsilon v)-g(w-\epsilon v)}{2\epsilon}$, which costs two gradients. This loss is convex: no eigenvalue is negative, and largest in size is largest.
"""


# %%
def hessian_times(v, eps=1e-4):  # setting
    g = lambda W: softmax_gradient(W, split.X_train, split.y_train)
    V = v.reshape(10, 64)
    return (g(W0 + eps * V) - g(W0 - eps * V)).ravel() / (2 * eps)


# %% tags=["set-up"]
def softmax_hessian(W, X):
    """All second derivatives, (640, 640): the mean of (diag p − pp^T) ⊗ xx^T."""
    P = special.softmax(X @ W.T, axis=1)
    H = np.empty((10, 64, 10, 64))
    for i in range(10):
        for j in range(10):
            S = P[:, i] * ((i == j) - P[:, j])
            H[i, :, j] = X.T @ (S[:, None] * X) / len(X)
    return H.reshape(640, 640)


curvatures = np.linalg.eigvalsh(softmax_hessian(W0, split.X_train))[::-1]
gradient_calls = [0]


def counted(v):
    gradient_calls[0] += 2
    return hessian_times(v)


first = np.random.default_rng(8).normal(size=640)
found_sharpness = power_iteration(counted, first, 60)[0]
power_gradients, gradient_calls[0] = gradient_calls[0], 0
product = sparse.linalg.LinearOperator((640, 640), counted)
by_lanczos = sparse.linalg.eigsh(product, k=1, which="LA", v0=first)[0][0]
print(
    f"largest curvature, {power_gradients} gradients and no matrix   {found_sharpness:.4f}"
)
print(
    f"the same by Lanczos (eigsh), {gradient_calls[0]} gradients        {by_lanczos:.4f}"
)
print(f"largest of the 640, from the whole matrix        {curvatures[0]:.4f}")
print(
    f"curvatures above a tenth of it                   {np.sum(curvatures > curvatures[0] / 10)}"
)
print(
    f"curvatures below a millionth of it               {np.sum(curvatures < curvatures[0] / 1e6)}"
)

# %% [markdown]
r"""
Lanczos keeps all iterates, not only the last, and so wants fewer gradients. The list: a few steep directions, a long slope, and many in which nothing happens. Of those 124 one can name 91. Adding the same vector to all ten rows of $W$ leaves the softmax as it is, which makes $64$; and each of the three pixels that are blank in all images gives nine more (if $Xu=0$, any $au^\top$ is flat: ten choices of $a$, of which $(1,\dots,1)$ was already counted).
"""

# %% tags=["checks"]
verify(
    "largest curvature without the matrix, twice, against all eigenvalues",
    [found_sharpness, by_lanczos],
    [curvatures[0]] * 2,
    rtol=1e-5,
)
blank = np.sum((split.X_train == 0).all(0))
verify(
    "flat directions: 64 + 9 for each blank pixel",
    int(np.sum(curvatures < 1e-12)),
    64 + 9 * blank,
)
tangents = [
    curve[:12] / np.sqrt(1 - curve[:12] ** 2) for curve in list(missed.values())[:3]
]
verify(
    "the picture: tangent of the angle missed, factor per step",
    [t[1:] / t[:-1] for t in tangents],
    np.tile([[1 / 3], [0.7], [0.95]], 11),
    rtol=1e-6,
)
verify_at_least(
    "the turn: largest angle missed in its last ten steps, sine",
    missed["a turn by 36°"][-10:].max(),
    0.9,
)
rng = np.random.default_rng(9)
S = rng.normal(size=(7, 7))
S = S + S.T
Q = np.linalg.qr(rng.normal(size=(7, 7)))[0]
M = Q @ np.diag([3.0, -2, 1, 1, 0.5, 0, -1]) @ Q.T
value, vector = power_iteration(lambda x: M @ x, np.ones(7), 200)
verify(
    "seven dimensions, built to measure: eigenvalue and eigenvector",
    [value, abs(vector @ Q[:, 0])],
    np.array([3.0, 1.0]),
    atol=1e-10,
)
top = max(
    -optimize.minimize(lambda x: -(x @ S @ x) / (x @ x), rng.normal(size=7)).fun
    for _ in range(3)
)
verify(
    "largest value of xᵀSx on the sphere, by search, is an eigenvalue",
    top,
    np.roots(np.poly(S)).real.max(),
    rtol=1e-6,
)
example = np.array([[2.0, 1.0], [1.0, 2.0]])
found = [
    power_iteration(lambda x: example @ x, np.array([1.0, -1.0]), 300)[0],
    *(power_iteration(lambda x: M @ x, Q[:, 1], t)[0] for t in (40, 300)),
]
verify(
    "a start without the leading eigenvector: exact; rounded, after 40 and 300 steps",
    found,
    np.array([1.0, -2.0, 3.0]),
    atol=1e-6,
)
M = Q @ np.diag([3.0, -4, 1, 1, 0.5, 0, -1]) @ Q.T
verify(
    "eigenvalues 3 and −4: largest in size; and with 4 I added, largest of all",
    [
        power_iteration(lambda x: M @ x, np.ones(7), 300)[0],
        power_iteration(lambda x: M @ x + 4 * x, np.ones(7), 300)[0] - 4,
    ],
    np.array([-4.0, 3.0]),
    atol=1e-8,
)

# %% [markdown]
r"""
**Try it.** Build a symmetric matrix that stretches $(1,2)$ fivefold and sends $(2,-1)$ to minus itself.
"""

# %% tags=["yours"]
made_to_measure = ...  # a 2 × 2 array

exercise("la-made-to-measure").check(made_to_measure)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The two directions are orthogonal, of squared length 5: $5\cdot\frac{1}{5}uu^\top-\frac15vv^\top$.

```python
made_to_measure = np.outer([1, 2], [1, 2]) - np.outer([2, -1], [2, -1]) / 5
```

</details>
"""

# %% [markdown]
r"""
(turn-stretch-turn)=
## Turn, stretch, turn

Most matrices of a network are not even square. Is there for them, too, a frame in which they only stretch? One frame is not enough. Two are, and always.

(gram-matrix-psd)=
**The trick.** Ask how long the images are: $\|Ax\|^2=x^\top A^\top A\,x$. The matrix $A^\top A$ is symmetric and, since this is a squared length, positive semidefinite for every $A$; positive definite exactly when $A$ forgets nothing. Its entries are the dot products of the columns.

By hand: $A=\begin{pmatrix}3&0\\4&5\end{pmatrix}$ has $A^\top A=\begin{pmatrix}25&20\\20&25\end{pmatrix}$, whose eigenvectors are the diagonals, with $45$ and $5$. So among all unit vectors $v_1=(1,1)/\sqrt2$ is stretched most, to $Av_1=(3,9)/\sqrt2$ of length $\sqrt{45}$, and $v_2=(-1,1)/\sqrt2$ least, to $(-3,1)/\sqrt2$ of length $\sqrt5$. And the images are orthogonal again, $-9+9=0$.

So $A$ works in three moves. $V^\top$, with $v_1$ and $v_2$ as rows, turns them onto the axes; $\Sigma$ stretches along the axes; $U$, with the directions of the two images as columns, turns them to where they belong. Divided by $\sqrt5$, so that it stretches by 3 and 1, our matrix does it like this; follow $v_1$ (blue) and $v_2$ (red).
"""


# %% tags=["picture"] mystnb={"image": {"alt": "Four panels from left to right: the unit circle with two perpendicular arrows on the diagonals; both turned onto the axes; the circle stretched to an ellipse three times as wide as high; the ellipse turned to its final place, steeply upwards."}}
by_hand = np.array([[3.0, 0.0], [4.0, 5.0]]) / math.sqrt(5)
to_axes = np.array([[1.0, 1.0], [-1.0, 1.0]]) / math.sqrt(2)  # v₁ and v₂ as rows
around = np.linspace(0, 2 * np.pi, 200)
fig, axes = plt.subplots(1, 4, figsize=(6.8, 2.1), sharey=True)
for ax, M, title in zip(
    axes,
    (np.eye(2), to_axes, np.diag([3.0, 1.0]) @ to_axes, by_hand),
    ("before", "turned by $V^\\top$", "stretched by $\\Sigma$", "turned by $U$"),
):
    draw_grid(ax, M, "#BBBBBB", 0.6, 2)
    ax.plot(*(M @ [np.cos(around), np.sin(around)]), color=plot.ORANGE)
    for v, colour in zip(to_axes, (plot.BLUE, plot.RED)):
        arrow(ax, M @ v, colour)
    ax.set(xlim=(-3.3, 3.3), ylim=(-3.3, 3.3), aspect="equal", title=title)
    ax.set(xticks=[-2, 0, 2])
    ax.grid(False)
plt.show()

# %% [markdown]
r"""
That was no luck of this matrix.

(singular-value-decomposition)=
:::{prf:theorem} Singular value decomposition
:label: thm-la-svd
Every $m\times n$ matrix is $A=U\Sigma V^\top$ with orthonormal columns in the square $U$ and $V$ and $\Sigma$ zero except for $\sigma_1\ge\sigma_2\ge\dots\ge0$ on its diagonal. In layers, with $r=\operatorname{rk}A$,

$$
A=\sum_{i=1}^r\sigma_i\,u_iv_i^\top .
$$ (eq-la-svd)
:::

:::{prf:proof}
Let $v_1,\dots,v_n$ be an orthonormal eigenbasis of $A^\top A$, eigenvalues $\lambda_1\ge\dots\ge\lambda_n\ge0$, and $\sigma_i=\sqrt{\lambda_i}$, of which the first $r$ are positive. The images are orthogonal with lengths $\sigma_i$,

$$
\langle Av_i,Av_j\rangle=v_i^\top A^\top Av_j=\lambda_j\langle v_i,v_j\rangle ,
$$ (eq-la-images)

so $u_i=Av_i/\sigma_i$, $i\le r$, are orthonormal; complete them to a basis of $\mathbb R^m$. For every $x=\sum_i\langle v_i,x\rangle v_i$ we get $Ax=\sum_{i\le r}\langle v_i,x\rangle\sigma_iu_i$, which is the formula. The $u_1,\dots,u_r$ span the image, so $r$ is the rank.
:::
"""


# %%
def svd_by_hand(A):  # the proof as a program; A of full column rank
    lam, V = np.linalg.eigh(A.T @ A)
    lam, V = lam[::-1], V[:, ::-1]  # largest first
    sigma = np.sqrt(lam)
    return A @ V / sigma, sigma, V.T


# %% [markdown]
r"""
(spectral-norm)=
**Three numbers from one list.** The longest image of a unit vector is the *spectral norm*, and the size of all entries together the *Frobenius norm*:

$$
\|A\|_2=\max_{\|x\|=1}\|Ax\|=\sigma_1,\qquad\|A\|_F=\sqrt{\textstyle\sum_{ij}a_{ij}^2}=\sqrt{\textstyle\sum_i\sigma_i^2} .
$$ (eq-la-frobenius)

The first holds since $\|Ax\|^2=\sum_i\sigma_i^2\langle v_i,x\rangle^2\le\sigma_1^2\|x\|^2$; the second since turning all columns by $U^\top$, then all rows by $V$, changes no length, and $U^\top AV=\Sigma$. $\|A\|_2$ is the most by which a layer can magnify a change of its input, which is why those who want networks robust bound it.

**Conditioning.** Let $A$ be square and invertible. If $b=Ax$ is known with an error $e$, the solution errs by $A^{-1}e=V\Sigma^{-1}U^\top e$, of length at most $\|e\|/\sigma_n$, while $\|b\|\le\sigma_1\|x\|$. Divide:

$$
\frac{\|A^{-1}e\|}{\|x\|}\le\kappa\,\frac{\|e\|}{\|b\|},\qquad\kappa=\frac{\sigma_1}{\sigma_n} .
$$ (eq-la-condition)

The *condition number* $\kappa$ bounds how *relative* errors grow, and for $x=v_1$, $e=u_n$ the bound is attained. For $\|Ax-b\|^2$ that of the *Hessian* is $\kappa^2$, and decides how long gradient descent takes.

**Depth.** A signal through fifty linear layers is multiplied by fifty matrices. With independent Gaussian entries of variance $1/n$ each of the $n$ entries of $Gx$ has variance $\|x\|^2/n$: the squared length of a signal, and of the difference of two, stays what it is on average. Does that keep signals apart?
"""


# %% tags=["set-up"]
def deep_spectrum(orthogonal, depth, seed, n=64):
    """Singular values of a product of random matrices, largest first: (n,)."""
    rng = np.random.default_rng(seed)
    W = np.eye(n)
    for _ in range(depth):
        G = rng.normal(size=(n, n)) / math.sqrt(n)
        W = (np.linalg.qr(G)[0] if orthogonal else G) @ W
    return np.linalg.svd(W, compute_uv=False)


def kept(orthogonal, depth):
    """Median of nine seeds: singular values above a hundredth of the largest."""
    spectra = [deep_spectrum(orthogonal, depth, seed) for seed in range(9)]
    return np.median([np.sum(s > s[0] / 100) for s in spectra])


lines = [
    f"{d:6}{kept(False, d):14.0f}{kept(True, d):13.0f}" for d in (1, 2, 5, 10, 20, 50)
]
print("directions of 64 kept above a hundredth of the largest (median of 9 seeds)")
print("\n".join(["layers        Gaussian   orthogonal", *lines]))

# %% [markdown]
r"""
No: lengths survive on average (the typical one falls to two thirds in fifty layers), directions do not. Eight or nine of 64 are left; what differed only in the others has shrunk to nothing beside them. Orthogonal matrices keep everything, because turns do; that is one reason to start deep networks with them {cite:p}`saxe2014`.
"""

# %% tags=["checks"]
rng = np.random.default_rng(10)
A = rng.normal(size=(5, 3))
U3, s3, Vt3 = svd_by_hand(A)
verify(
    "the proof as a program: A again, and U orthonormal",
    np.r_[(U3 * s3) @ Vt3, U3.T @ U3],
    np.r_[A, np.eye(3)],
    atol=1e-12,
)
verify("its values against LAPACK's, largest first", s3, linalg.svdvals(A), atol=1e-12)
example = np.array([[3, 0], [4, 5]])
longest = -optimize.minimize_scalar(
    lambda t: -np.linalg.norm(example @ [math.cos(t), math.sin(t)]),
    bounds=(0, 3),
    method="bounded",
).fun
verify(
    "the example's longest image, by search, and √45", longest, math.sqrt(45), rtol=1e-6
)
verify(
    "Frobenius norm from entries, from singular values",
    math.sqrt((A**2).sum()),
    math.sqrt((s3**2).sum()),
    rtol=1e-12,
)
K = rng.normal(size=(6, 6))
UK, sK, VK = np.linalg.svd(K)
ratio = lambda x, e: (
    (np.linalg.norm(np.linalg.solve(K, e)) / np.linalg.norm(x))
    / (np.linalg.norm(e) / np.linalg.norm(K @ x))
)
worst = max(
    -optimize.minimize(
        lambda z: -math.log(ratio(z[:6], z[6:])), rng.normal(size=12)
    ).fun
    for _ in range(4)
)
verify(
    "condition number: by how much relative errors grow, the named pair and a search",
    [math.log(ratio(VK[0], UK[:, -1])), worst],
    [math.log(sK[0] / sK[-1])] * 2,
    rtol=1e-4,
)
fifty = np.array([deep_spectrum(False, 50, seed) for seed in range(40)])
rates = 0.5 * special.digamma(np.arange(64, 0, -1) / 2)  # mean growth of log σᵢ a layer
verify_at_most(
    "50 Gaussian layers, 40 seeds: directions kept, median, by the mean growth of volumes no more than",
    np.median(np.sum(fifty > fifty[:, :1] / 100, 1)),
    np.sum(50 * (rates[0] - rates) < math.log(100)),
)
signals = rng.normal(size=(40, 64))
signals = signals / np.linalg.norm(signals, axis=1, keepdims=True)
log_lengths = np.log(np.linalg.norm(fifty * signals, axis=1))
typical = 50 / 2 * (special.digamma(64 / 2) + math.log(2 / 64))  # E ln √(χ²₆₄/64), × 50
verify_within_se(
    f"one signal through 50 Gaussian layers: mean logarithm of its length, e to this is {math.exp(typical):.2f}",
    log_lengths,
    typical,
)
one_layer = 0.5 * np.sum(special.digamma(np.arange(1, 65) / 2) + math.log(2 / 64))
volumes = np.log(np.array([deep_spectrum(False, 4, seed) for seed in range(200)])).sum(
    1
)
verify_within_se(
    "4 Gaussian layers, 200 seeds: mean logarithm of the volume, from χ² laws",
    volumes,
    4 * one_layer,
)
one = np.array([(deep_spectrum(False, 3, seed) ** 2).mean() for seed in range(200)])
verify_within_se(
    "3 Gaussian layers, 200 seeds: squared length of a random signal, on average",
    one,
    1.0,
)

# %% [markdown]
r"""
**Try it.** The layer $W=\begin{pmatrix}2&0&1\\0&2&1\end{pmatrix}$ acts on inputs $x\in\mathbb R^3$. Find the *smallest* change of the input that changes the output by a vector of length one.
"""

# %% tags=["yours"]
smallest_nudge = ...  # three numbers

exercise("la-smallest-nudge").check(smallest_nudge)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Go where the stretching is largest: $v_1/\sigma_1$. Here $WW^\top=\begin{pmatrix}5&1\\1&5\end{pmatrix}$, so $\sigma_1^2=6$, and $v_1\propto W^\top(1,1)=(2,2,2)$.

```python
smallest_nudge = np.array([1, 1, 1]) / np.sqrt(3) / np.sqrt(6)
```

</details>
"""

# %% [markdown]
r"""
(best-of-rank)=
## Is twenty layers the best?

The temple is a sum of [layers](#eq-la-svd), strongest first; the opening keeps twenty. Slide.
"""


# %% tags=["picture"] mystnb={"image": {"classes": "photo"}}
def rebuilt(k):
    return (photo_U[:, :k] * sigma[:k]) @ photo_Vt[:k]


def with_layers(layers):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.7), width_ratios=(1.5, 1))
    left.imshow(rebuilt(layers), cmap="gray", vmin=0, vmax=1)
    left.set(
        title=f"{layers} layer{'s' * (layers > 1)}, error {np.linalg.norm(photo - rebuilt(layers)):.1f}"
    )
    left.axis("off")
    right.semilogy(np.arange(1, 214), sigma, color=plot.GREY)
    right.semilogy(np.arange(1, layers + 1), sigma[:layers], color=plot.RED, lw=3)
    right.set(xlabel="layer $i$", title=r"its strength $\sigma_i$")
    return fig


explore(
    with_layers,
    alt="The photograph of the temple rebuilt from its strongest layers, beside the falling singular values with those kept marked: blurred stripes with one layer, recognisable with ten, hardly different from the original with eighty",
    layers=[1, 3, 5, 10, 20, 40, 80],
)

# %% [markdown]
r"""
(low-rank-approximation)=
:::{prf:theorem} Eckart and Young
:label: thm-la-eckart
Among all matrices $B$ of rank at most $k$ none is closer to $A$ than $A_k=\sum_{i\le k}\sigma_iu_iv_i^\top$, in the spectral and in the Frobenius norm {cite:p}`eckart1936,mirsky1960`:

$$
\|A-B\|_2\ge\sigma_{k+1},\qquad\|A-B\|_F\ge\sqrt{\sigma_{k+1}^2+\sigma_{k+2}^2+\cdots},
$$ (eq-la-eckart)

with equality for $B=A_k$.
:::

:::{prf:proof}
Equality: $A-A_k$ has the singular values $\sigma_{k+1},\sigma_{k+2},\dots$ *Spectral norm.* $B$ forgets at least $n-k$ dimensions. The vectors $v_1,\dots,v_{k+1}$ span $k+1$. Together that is more than $n$: bases of both, put together, are dependent, and one half of the relation, brought to the other side, is a vector in both. So some unit vector $x$ lies in both: $Bx=0$ and $x=\sum_{i\le k+1}c_iv_i$. Then

$$
\|A-B\|_2^2\ge\|(A-B)x\|^2=\|Ax\|^2=\sum_{i\le k+1}\sigma_i^2c_i^2\ge\sigma_{k+1}^2 .
$$ (eq-la-forgotten)

*Frobenius norm.* Let $C$ be the first $i-1$ layers of $A-B$, so $\|A-B-C\|_2=\sigma_i(A-B)$. Now $B+C$ has rank at most $k+i-1$, and by the first part $\sigma_i(A-B)=\|A-(B+C)\|_2\ge\sigma_{k+i}(A)$. Square and sum over $i$.
:::

So the theorem is right: of rank 20, nobody can do better, and the error $\sqrt{\sum_{i>20}\sigma_i^2}\approx16.4$ is known without looking at the picture.

**And now the practitioner.** Spend the same 10,680 numbers on [cosines](#orthonormal-basis), the largest coefficients of the whole picture, or of blocks of $8\times8$.
"""


# %%
def cosine_coefficients(image):
    m, n = image.shape
    return cosines(m).T @ image @ cosines(n)


# %% tags=["set-up"]
def in_blocks(image, size=8):
    out = np.empty_like(image)
    for i in range(0, image.shape[0], size):
        for j in range(0, image.shape[1], size):
            out[i : i + size, j : j + size] = cosine_coefficients(
                image[i : i + size, j : j + size]
            )
    return out


def keep(coefficients, n):
    """The n largest coefficients, zeros elsewhere."""
    threshold = np.sort(abs(coefficients).ravel())[-n]
    return np.where(abs(coefficients) >= threshold, coefficients, 0.0)


def lost(coefficients, n):
    """By Parseval: the error of keeping the n largest."""
    return math.sqrt(np.sum(np.sort(coefficients.ravel() ** 2)[:-n]))


def blocks_as_rows(image, size=8):
    """One block a row, the edge of the image repeated where it ends: (blocks, 64)."""
    image = np.pad(image, [(0, -n % size) for n in image.shape], mode="edge")
    cut = image.reshape(image.shape[0] // size, size, image.shape[1] // size, size)
    return cut.swapaxes(1, 2).reshape(-1, size * size)


def lost_by_layers(table, n):
    """Error when n numbers are spent on layers, each with its strength."""
    k = n // (sum(table.shape) + 1)
    return math.sqrt(np.sum(np.linalg.svd(table, compute_uv=False)[k:] ** 2))


def spend(image, layers):
    """Errors of eight ways to spend what so many layers of the image cost."""
    n, energy = layers * (213 + 320 + 1), np.sum(image**2)
    whole, blocks = cosine_coefficients(image), in_blocks(image)
    rows = int(213 * math.sqrt(n / image.size))  # the same share of slow waves each way
    slow = np.sum(whole[:rows, : n // rows] ** 2)
    return {
        "grey everywhere, its mean": math.sqrt(np.sum((image - image.mean()) ** 2)),
        "layers": lost_by_layers(image, n),
        "layers of the blocks, one a row": lost_by_layers(blocks_as_rows(image), n),
        "cosines: a fixed rectangle, slow": math.sqrt(energy - slow),
        "cosines, half and their places": lost(whole, n // 2),
        "cosines": lost(whole, n),
        "8 × 8 blocks, half and places": lost(blocks, n // 2),
        "8 × 8 blocks": lost(blocks, n),
    }


flower = datasets.load_sample_image("flower.jpg")[:426]
flower = flower.reshape(213, 2, 320, 2, 3).mean((1, 3, 4)) / 255
budget = 20 * (213 + 320 + 1)
spent = {
    "temple": spend(photo, 20),
    "temple, 40 layers": spend(photo, 40),
    "flower": spend(flower, 20),
}
print("error, 10,680 numbers on          temple   flower")
for name in spent["temple"]:
    print(f"{name:32}{spent['temple'][name]:8.2f} {spent['flower'][name]:8.2f}")

# %% tags=["picture"] mystnb={"image": {"classes": "photo", "alt": "Details of the roof from the original, from twenty layers, from as many cosines and from cosines in blocks: the twenty layers are streaky, the blocks are hardly to be told from the original."}}
small = keep(in_blocks(photo), budget)
from_blocks = np.empty_like(photo)
for i in range(0, 213, 8):
    for j in range(0, 320, 8):
        C = small[i : i + 8, j : j + 8]
        from_blocks[i : i + 8, j : j + 8] = (
            cosines(C.shape[0]) @ C @ cosines(C.shape[1]).T
        )
from_cosines = cosines(213) @ keep(cosine_coefficients(photo), budget) @ cosines(320).T
show_images(
    [
        image[60:165, 60:200]
        for image in (photo, twenty_layers, from_cosines, from_blocks)
    ],
    ("original", "20 layers", "cosines", "8 × 8 blocks"),
    (6.8, 1.7),
)
plt.show()

# %% [markdown]
r"""
Blocks of cosines have less than half the error. *Which* coefficients were kept is information too; with half of the budget for their places they still win. So does even a fixed rectangle, the slowest 40 % of the waves in either direction, whatever the picture. A flower says the same. (With forty layers for the temple the rectangle would lose.)

**Why is that no contradiction?** The theorem is about *rank*, and the picture made of cosines has rank 213: it never entered that competition. A layer is one shape of rows times one shape of columns, a poor way to write a roof: an upright edge is a single layer; aslant, a triangle of ones, it has as many layers as rows. And numbers are another currency than layers: both factors of a layer must be stored, while the cosines are known to everybody and cost nothing.

It is also a theorem about *one table*, and a picture is many. Write each $8\times8$ block as a row of 64 numbers, 1,080 rows. Nine layers of *that* table cost 10,305 numbers and err less than the "best" twenty, in both photographs. Same theorem, same picture, another table.

So why does anyone use the SVD of the picture itself? A control: shuffle the rows and the columns of the photograph. Guess the four errors.
"""


# %% tags=["set-up"]
def shuffled_photo(seed):
    rng = np.random.default_rng(seed)
    return photo[rng.permutation(213)][:, rng.permutation(320)]


ways = {
    "twenty layers": lambda image: lost_by_layers(image, budget),
    "nine layers of the blocks": lambda image: lost_by_layers(
        blocks_as_rows(image), budget
    ),
    "cosines": lambda image: lost(cosine_coefficients(image), budget),
    "8 × 8 blocks": lambda image: lost(in_blocks(image), budget),
}
shuffled_errors = {
    name: [way(shuffled_photo(seed)) for seed in range(3)] for name, way in ways.items()
}
lines = [
    f"{name:28}{way(photo):12.2f}     "
    + "".join(f"{e:8.2f}" for e in shuffled_errors[name])
    for name, way in ways.items()
]
header = "error with 10,680 numbers      photograph     shuffled (three seeds)"
print("\n".join([header, *lines]))

# %% [markdown]
r"""
The twenty layers do not notice: shuffling is a turn (or a mirror) on each side, which leaves singular values alone. Everything else loses by a wide margin, the layers of the blocks most of all. So the question was never SVD or cosines, but whether a method uses that *neighbours are alike*: cosines do, convolutions do, and so does the SVD of a table whose rows are blocks. The weights of a fully connected layer have no neighbours, since hidden units can be put in any order. What one may assume decides what is best.
"""

# %% tags=["checks"]
here = spent["temple"]
verify(
    "twenty layers: the error seen, and foretold by the list",
    np.linalg.norm(photo - rebuilt(20)),
    here["layers"],
    rtol=1e-10,
)
verify(
    "the largest error of any unit vector is σ₂₁",
    math.sqrt(np.linalg.eigvalsh((photo - rebuilt(20)).T @ (photo - rebuilt(20)))[-1]),
    sigma[20],
    rtol=1e-9,
)
verify(
    "cosines, and blocks: error of the pictures drawn, against Parseval",
    [np.linalg.norm(photo - image) for image in (from_cosines, from_blocks)],
    [here["cosines"], here["8 × 8 blocks"]],
    rtol=1e-9,
)
verify_at_least(
    "twenty layers over blocks of cosines, temple and flower",
    np.array(
        [spent[k]["layers"] / spent[k]["8 × 8 blocks"] for k in ("temple", "flower")]
    ),
    np.full(2, 2.0),
)
verify_at_least(
    "twenty layers over every way with cosines, the least, temple and flower",
    np.array(
        [
            spent[k]["layers"] / max(list(spent[k].values())[3:])
            for k in ("temple", "flower")
        ]
    ),
    np.full(2, 1.0),
)
verify_at_most(
    "forty layers over the fixed rectangle",
    spent["temple, 40 layers"]["layers"]
    / spent["temple, 40 layers"]["cosines: a fixed rectangle, slow"],
    1.0,
)
verify(
    "rank of the picture made of cosines",
    np.linalg.matrix_rank(from_cosines),
    min(photo.shape),
)
verify(
    "shuffled: twenty layers err as before",
    shuffled_errors["twenty layers"],
    [here["layers"]] * 3,
    rtol=1e-10,
)
verify_at_least(
    "shuffled: cosines, and layers of the blocks, over twenty layers, the least of three",
    [
        min(shuffled_errors[name]) / here["layers"]
        for name in ("cosines", "nine layers of the blocks")
    ],
    np.full(2, 1.5),
)
framed = np.pad(photo, ((0, 3), (0, 0)), mode="edge")
moments = sum(
    np.outer(b, b)
    for i in range(0, 216, 8)
    for j in range(0, 320, 8)
    for b in [framed[i : i + 8, j : j + 8].ravel()]
)
verify(
    "nine layers of the blocks, block by block from the sum of their outer products",
    here["layers of the blocks, one a row"],
    math.sqrt(np.linalg.eigvalsh(moments)[:-9].sum()),
    rtol=1e-9,
)
verify_at_least(
    "twenty layers over nine layers of the blocks, temple and flower",
    np.array(
        [
            spent[k]["layers"] / spent[k]["layers of the blocks, one a row"]
            for k in ("temple", "flower")
        ]
    ),
    np.ones(2),
)
verify(
    "an edge aslant: singular values of a triangle of ones, in closed form",
    linalg.svdvals(np.tri(213)),
    1 / (2 * np.sin((2 * np.arange(213) + 1) * np.pi / (4 * 213 + 2))),
    rtol=1e-10,
)

# %% [markdown]
r"""
**Try it.** How many numbers are really free in an $m\times n$ matrix of rank $k$? (Not $k(m+n)$: in $BC$ one may put any invertible $k\times k$ matrix and its inverse between.)
"""

# %% tags=["yours"]
free_numbers = ...  # a function of m, n, k

exercise("la-free-numbers").check(free_numbers)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$k(m+n)-k^2$. For the photograph 10,260, a little less than the 10,680 that we stored.

```python
free_numbers = lambda m, n, k: k * (m + n - k)
```

</details>
"""

# %% [markdown]
r"""
(headline-low-rank)=
## The headline: optimisers against a theorem

Would you bet on half a page of proof? Attack it. Two programs that know nothing of singular values look for a better $B=XY^\top$ with $X$ of $213\times k$ and $Y$ of $320\times k$: *L-BFGS* on all entries of both, and *alternating least squares*, fix one factor, project, swap. For a given $Y$ the best $X$ is $AY(Y^\top Y)^{-1}$, [row by row](#orthogonal-projection-onto-subspace), and spans what $AY$ spans; the best $Y$ for that spans what $A^\top AY$ spans. So each round multiplies by $A^\top A$, and alternating least squares *is* [power iteration](#power-iteration) with $k$ vectors at once. Started from random directions and stopped after $q$ multiplications it is the randomised SVD {cite:p}`halko2011`.
"""


# %%
def alternating(A, k, rng, rounds):  # rounds = q + 1
    Y = rng.normal(size=(A.shape[1], k))
    for _ in range(rounds):
        X = np.linalg.qr(A @ Y)[0]  # the best columns for these rows
        Y = A.T @ X  # and the best rows for these columns
    return X @ Y.T


def factor_loss(z, A, k):  # value and gradient of ‖A − XYᵀ‖²/2
    X, Y = np.split(z.reshape(-1, k), [len(A)])
    R = X @ Y.T - A
    return 0.5 * np.sum(R**2), np.r_[R @ Y, R.T @ X].ravel()


# %% tags=["set-up"]
def with_spares(A, k, rng, spare=10):
    """k + spare directions and one multiplication; then the best k layers of that."""
    U, s, Vt = np.linalg.svd(alternating(A, k + spare, rng, 2), full_matrices=False)
    return (U[:, :k] * s[:k]) @ Vt[:k]


def by_lbfgs(A, k, rng):
    z = 0.3 * rng.normal(size=sum(A.shape) * k)
    options = dict(maxiter=4000, maxfun=5000, ftol=1e-12, gtol=1e-7)
    found = optimize.minimize(
        factor_loss, z, (A, k), "L-BFGS-B", jac=True, options=options
    )
    X, Y = np.split(found.x.reshape(-1, k), [len(A)])
    return X @ Y.T


tails = {k: math.sqrt(np.sum(sigma[k:] ** 2)) for k in (5, 20)}
attacks = {
    "random directions": lambda k, rng: alternating(photo, k, rng, 1),
    "the same, q = 1": lambda k, rng: alternating(photo, k, rng, 2),
    "the same, q = 2": lambda k, rng: alternating(photo, k, rng, 3),
    "q = 1, ten directions to spare": lambda k, rng: with_spares(photo, k, rng),
    "alternating to the end, q = 299": lambda k, rng: alternating(photo, k, rng, 300),
    "L-BFGS": lambda k, rng: by_lbfgs(photo, k, rng),
}
attempts, over_tail = {}, {}  # the first four of each; all errors over the bound
for (name, attack), k in itertools.product(attacks.items(), tails):
    starts = 4 if name in list(attacks)[4:] else 30
    found = [attack(k, np.random.default_rng(seed)) for seed in range(starts)]
    attempts[name, k] = found[:4]
    over_tail[name, k] = np.array([np.linalg.norm(photo - B) for B in found]) / tails[k]
print(f"error over the bound{'rank 5':>26}{'rank 20':>26}")
print(f"{'30 starts, the last two 4':31}" + "   least  median    most  " * 2)
for name in attacks:
    row = "".join(
        "{:8.5f}{:8.5f}{:8.5f}  ".format(*np.quantile(over_tail[name, k], [0, 0.5, 1]))
        for k in tails
    )
    print(f"{name:31}{row}")

# %% tags=["set-up"]
headline(
    "Best rank 5 and rank 20 that any optimiser found, against the tail of the singular values",
    [min(over_tail[name, k].min() for name in attacks) * tails[k] for k in tails],
    list(tails.values()),
    rtol=1e-6,
)

# %% [markdown]
r"""
Both come down to the bound to six digits and more, and nobody goes below. $k$ random directions typically end 40 to 50 per cent above the bound, the unluckiest at four times it; one multiplication leaves four to six per cent, one with ten directions to spare, cut away at the end, 0.1 and 1.3. This is how the SVD of huge matrices is computed.

A second surprise: $\|A-XY^\top\|^2$ is *not* convex in $X$ and $Y$ together, and still no start of L-BFGS gets stuck. Its stationary points are any $k$ or fewer of the layers, and if $\sigma_k>\sigma_{k+1}$ all but the $k$ strongest are saddles {cite:p}`baldi1989`: started a hair beside one, L-BFGS leaves it, unless stopped too early (with SciPy's default tolerance one start in seven ends there).
"""

# %% tags=["checks"]
every = np.array(
    [
        [np.linalg.norm(photo - B), np.linalg.norm(photo - B, 2)]
        for (name, k), found in attempts.items()
        for B in found
    ]
)
bounds = np.array(
    [[tails[k], sigma[k]] for (name, k), found in attempts.items() for B in found]
)
verify_at_least(
    f"four attempts of each, {len(every)} in all: smallest error over the bound, Frobenius and spectral",
    (every / bounds).min(0),
    np.ones(2),
    atol=1e-9,
)
verify(
    "L-BFGS: its worst start, relative to the bound",
    [over_tail["L-BFGS", k].max() for k in tails],
    np.ones(2),
    rtol=1e-4,
)
verify_at_most(
    "median start above the bound: q = 1, q = 2, q = 1 with ten to spare",
    [[np.median(over_tail[name, k]) - 1 for k in tails] for name in list(attacks)[1:4]],
    [[0.06] * 2, [0.03] * 2, [0.015] * 2],
)
z = np.random.default_rng(11).normal(size=(2, 12))
small_A = np.random.default_rng(12).normal(size=(4, 2))
steps = 1e-6 * z[1]
verify(
    "the gradient given to L-BFGS, by differences",
    factor_loss(z[0], small_A, 2)[1] @ z[1],
    (
        factor_loss(z[0] + steps, small_A, 2)[0]
        - factor_loss(z[0] - steps, small_A, 2)[0]
    )
    / 2e-6,
    rtol=1e-6,
)
k, swapped = 2, [0, 2]  # layers 1 and 3 instead of 1 and 2: a stationary point
saddle = np.r_[
    photo_U[:, swapped] * np.sqrt(sigma[swapped]),
    photo_Vt[swapped].T * np.sqrt(sigma[swapped]),
]
towards = np.zeros_like(saddle)
towards[:213, 1], towards[213:, 1] = photo_U[:, 1], photo_Vt[1]
value, slope = factor_loss(saddle.ravel(), photo, 2)
verify("layers 1 and 3: the gradient", slope, np.zeros(slope.size), atol=1e-9)
hairs = 1e-3 * np.random.default_rng(15).normal(size=(30, saddle.size))
leave = lambda hair, **options: (
    optimize.minimize(
        factor_loss,
        saddle.ravel() + hair,
        (photo, 2),
        "L-BFGS-B",
        jac=True,
        options=options,
    ).fun
)
verify(
    "L-BFGS started a hair beside that saddle, 10 times: error at its end, against the two strongest",
    [math.sqrt(2 * leave(hair, ftol=1e-15, gtol=1e-7)) for hair in hairs[:10]],
    [math.sqrt(np.sum(sigma[2:] ** 2))] * 10,
    rtol=1e-6,
)
verify_at_least(
    "stopped at SciPy's default tolerance, 30 times: the share that ends on the saddle",
    np.mean([leave(hair) > 0.99 * value for hair in hairs]),
    0.05,
)
verify(
    "towards layer 2 the loss falls like (σ₃ − σ₂)t²",
    (factor_loss((saddle + 0.01 * towards).ravel(), photo, 2)[0] - value) / 1e-4,
    sigma[2] - sigma[1],
    rtol=1e-3,
)

# %% [markdown]
r"""
(linear-algebra-practice)=
## In practice

What does one call, and never write oneself? `solve(A, b)` for $Ax=b$ (not `inv(A) @ b`), `lstsq` for least squares, `eigh` for symmetric matrices (`eig` for others), `svd`, and `cholesky` for [covariances](#cholesky-decomposition). The most used of all is the SVD of data. Put $n$ examples as rows, subtract their mean, and the variance along a unit vector $v$ is $\|Xv\|^2/(n-1)$. It is largest at $v_1$, then, at right angles, at $v_2$: these *principal components* have the variances $\sigma_i^2/(n-1)$.
"""


# %%
def principal_components(X, k):  # X (n, d)
    mean = X.mean(0)
    _, s, Vt = np.linalg.svd(X - mean, full_matrices=False)
    return mean, Vt[:k], s[:k] ** 2 / (len(X) - 1)


# %% [markdown]
r"""
The temple's lesson, with learning. Keep $k$ numbers of a digit, in an orthonormal basis: principal components of 1,400 other digits; cosines, ordered by how strong they are in those; cosines, the slowest first, which know of digits only the mean of the 1,400; random directions, which know no more; and principal components of only ten digits about *their* mean (nine, completed to a basis anyhow, or by the slow cosines). The error is measured on 397 new ones.
"""

# %% tags=["set-up"]
mean_digit = split.X_train.mean(0)
rng = np.random.default_rng(13)
grid = sorted(
    itertools.product(range(8), range(8)), key=lambda kl: (kl[0] ** 2 + kl[1] ** 2, kl)
)
cosines_8 = np.array(
    [np.outer(cosines(8)[:, k], cosines(8)[:, l]).ravel() for k, l in grid]
)
strength = np.sum(((split.X_train - mean_digit) @ cosines_8.T) ** 2, axis=0)
digit_bases = {
    "principal components": [principal_components(split.X_train, 64)[1]],
    "strong cosines": [cosines_8[np.argsort(-strength)]],
    "slow cosines": [cosines_8],
    "random, mean of 20": [
        np.linalg.qr(rng.normal(size=(64, 64)))[0].T for _ in range(20)
    ],
}
tens = split.X_train[[rng.permutation(1400)[:10] for _ in range(40)]]  # (40, 10, 64)
ten_means = tens.mean(1)
digit_bases["of 10 digits, mean of 40"] = [
    np.linalg.svd(ten - mean)[2] for ten, mean in zip(tens, ten_means)
]
digit_bases["nine of these, slow cosines"] = [
    np.linalg.qr(np.vstack([basis[:9], cosines_8]).T)[0].T
    for basis in digit_bases["of 10 digits, mean of 40"]
]
digit_bases["slow cosines, mean of the 10"] = [cosines_8] * 40
means = dict.fromkeys(list(digit_bases)[:4], [mean_digit] * 20)  # the others: of ten
kept_numbers = np.array([5, 10, 20, 40])


def left_over(basis, mean, k):
    """Squared error of a mean and k coordinates, over that of mean_digit alone."""
    D = split.X_test - mean
    error = np.sum((D - D @ basis[:k].T @ basis[:k]) ** 2)
    return error / np.sum((split.X_test - mean_digit) ** 2)


missed_share = {
    name: np.array(
        [
            [left_over(basis, mean, k) for k in kept_numbers]
            for basis, mean in zip(bases, means.get(name, ten_means))
        ]
    )
    for name, bases in digit_bases.items()
}
print("missed on new digits            k = 5    k = 10    k = 20    k = 40")
for name, shares in missed_share.items():
    print(f"{name:29}" + "".join(f"{v:9.1%} " for v in shares.mean(0)))
    if len(shares) > 1:
        deviation = shares.std(0, ddof=1)
        print(f"{'    their deviation':29}" + "".join(f"{v:9.1%} " for v in deviation))

# %% [markdown]
r"""
What 1,400 digits teach beats what is known beforehand, and both beat knowing nothing. The *slowest* cosines start little better than chance; let the digits choose which come first ("strong") and they gain, but stay behind. One basis serves a million digits, so its price is forgotten. But it has to be learnt: ten digits give five good directions, ahead of all cosines, and nine in all; at $k=40$, completed anyhow, they lose clearly even to slow waves. Completed *by* slow waves they are ahead of the strong ones up to 10 and of the slow up to 20; at 40 only if these get the mean of the ten too. What is known beforehand is worth most where data end.
"""

# %% tags=["checks"]
mean, directions, variances = principal_components(split.X_train, 20)
pca = PCA(20).fit(split.X_train)
verify("variances against scikit-learn", variances, pca.explained_variance_, rtol=1e-8)
verify(
    "the plane they span, against scikit-learn",
    directions.T @ directions,
    pca.components_.T @ pca.components_,
    atol=1e-6,
)
missed_mean = np.array([shares.mean(0) for shares in missed_share.values()])
verify_at_most(
    "new digits: principal components over cosines, cosines over random, the worst k",
    (missed_mean[:3] / missed_mean[1:4]).max(),
    0.95,
)
ten = missed_share["of 10 digits, mean of 40"]
verify_at_least(
    "ten digits, completed anyhow, over slow cosines at k = 40",
    (ten[:, 3] / missed_share["slow cosines"][0, 3]).mean(),
    1.3,
)
mixed = missed_share["nine of these, slow cosines"]
ahead = np.hstack(
    [
        missed_share["slow cosines, mean of the 10"] - mixed,
        (missed_share["slow cosines"] - mixed)[:, :3],
        (missed_share["strong cosines"] - mixed)[:, :2],
        (mixed - missed_share["strong cosines"])[:, 2:],
        (ten - mixed)[:, 2:],
    ]
)
verify_at_least(
    "nine directions and slow waves: ahead of slow waves, of strong ones to 10, not from 20, of ten digits from 20, in standard errors",
    ahead.mean(0) / ahead.std(0, ddof=1) * math.sqrt(len(ahead)),
    2.0,
)
verify_within_se(
    "random directions miss what one expects, 1 − k/64, averaged over the four k",
    missed_share["random, mean of 20"].mean(1),
    np.mean(1 - kept_numbers / 64),
)

# %% [markdown]
r"""
(linear-algebra-beware)=
## Beware

**"A small determinant means nearly singular."** $\frac1{10}I$ in a hundred dimensions has determinant $10^{-100}$ and is as harmless as $I$. And $\begin{pmatrix}1&10^6\\0&1\end{pmatrix}$ has determinant 1 and can magnify relative errors a million million times. Ask the condition number.

**"Fit by $(B^\top B)^{-1}B^\top y$."** As a formula yes, as a program only if $B$ is harmless: $\kappa(B^\top B)=\kappa(B)^2$, since its singular values are those of $B$ squared. With $\kappa=10^8$ all sixteen digits are gone. Our own `nearest` is guilty. But `lstsq` is no charm: a rounding $\epsilon$ tilts the span by up to $\kappa\epsilon$; if the targets stand far off, the foot of the long perpendicular moves, and its error grows like $\kappa^2$ too. That is the problem's fault, not the program's.
"""


# %% tags=["set-up"]
def two_fits(kappa, seed, residual):
    """Relative errors of the coefficients: normal equations, lstsq."""
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(rng.normal(size=(40, 6)))[0]
    V = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    B, beta = U * np.geomspace(1, 1 / kappa, 6) @ V.T, np.ones(6)
    off = linalg.null_space(U.T) @ rng.normal(size=34)  # orthogonal to the span
    y = B @ beta + residual * np.linalg.norm(B @ beta) * off / np.linalg.norm(off)
    normal = np.linalg.solve(B.T @ B, B.T @ y)
    careful = np.linalg.lstsq(B, y, rcond=1e-15)[0]
    return [np.linalg.norm(w - beta) / np.linalg.norm(beta) for w in (normal, careful)]


fits = np.array(  # (residual, power of ten, method)
    [
        [
            np.median([two_fits(10.0**power, seed, residual) for seed in range(9)], 0)
            for power in (2, 3, 4, 5, 6, 7)
        ]
        for residual in (0, 1)
    ]
)
print("relative error, median of 9       no residual        one as long as the fit")
print("condition number               normal     lstsq       normal     lstsq")
for power, none, long in zip((2, 3, 4, 5, 6, 7), *fits):
    print(f"{f'1e{power}':>16}" + "".join(f"{e:13.0e}" for e in (*none, *long)))

# %% [markdown]
r"""
**"Every square matrix has a basis of eigenvectors."** Symmetric ones do. $J=\begin{pmatrix}1&1\\0&1\end{pmatrix}$ has one eigenvalue and one eigenline; its powers $J^t=\begin{pmatrix}1&t\\0&1\end{pmatrix}$ grow although no eigenvalue exceeds 1. It tempts because a random matrix has a basis of complex eigenvectors with probability one, and a computer always returns *something*: change the entry 0 by $\epsilon$ and the eigenvalues, the roots of $(1-\lambda)^2=\epsilon$, are $1\pm\sqrt\epsilon$; a rounding of $10^{-16}$ shows as $10^{-8}$.

**"Orthonormal columns, so $QQ^\top=I$."** Only if $Q$ is square. For a tall one $QQ^\top$ is a projection.

**"A list is a column."** To NumPy and PyTorch $(n,)$ and $(n,1)$ are different shapes, and their difference is a table of $n\times n$. A regression that predicts every target *exactly*, in the wrong shape, reports the mean of all $(y_i-y_j)^2$, which is $2\operatorname{Var}(y)$; worse, it trains, towards the mean.
"""

# %% tags=["checks"]
tilted = np.array([[1.0, 1e6], [0.0, 1.0]])
verify(
    "log₁₀ of determinant and condition number: I/10 in 100 dimensions, the tilted one",
    [
        [np.linalg.slogdet(M)[1] / math.log(10), math.log10(np.linalg.cond(M))]
        for M in (np.eye(100) / 10, tilted)
    ],
    [[-100, 0], [0, 6 + 6]],
    atol=1e-4,
)
verify(
    "digits lost for a digit of κ: no residual, long residual; normal equations, lstsq",
    [np.polyfit(range(6), np.log10(errors), 1)[0] for errors in fits],
    [[2.0, 1.0], [2.0, 2.0]],
    atol=0.3,
)
J = np.array([[1.0, 1.0], [0.0, 1.0]])
verify(
    "eigenlines of J: dimension of the kernel of J − I",
    linalg.null_space(J - np.eye(2)).shape[1],
    1,
)
nudged = np.linalg.eigvals(J + np.array([[0, 0], [1e-10, 0]])).real
verify(
    "one entry changed by 1e-10: eigenvalues",
    np.sort(nudged),
    [1 - 1e-5, 1 + 1e-5],
    atol=1e-9,
)
rng = np.random.default_rng(14)
tall = np.linalg.qr(rng.normal(size=(5, 2)))[0]
verify(
    "5 × 2: how far QQᵀ is from I, Frobenius",
    np.linalg.norm(tall @ tall.T - np.eye(5)),
    math.sqrt(5 - 2),
    rtol=1e-10,
)
y = rng.normal(size=300)
wrong_shape = optimize.minimize(
    lambda w: np.mean(((w[0] + w[1] * y)[:, None] - y) ** 2), [0.0, 1.0]
).x
verify(
    "trained: intercept is the mean, slope is 0", wrong_shape, [y.mean(), 0], atol=1e-4
)

# %% [markdown]
"""
(linear-algebra-exercises)=
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""

# %% [markdown]
r"""
:::{exercise} Rabbits
:label: ex-la-rabbits
$F(0)=0$, $F(1)=1$, $F(n+1)=F(n)+F(n-1)$. Write $(F(n+1),F(n))$ as a power of a symmetric matrix times $(1,0)$, and give $F(n)$ without a loop.
:::
"""

# %% tags=["yours"]
rabbits = ...  # a function of n

exercise("la-rabbits").check(rabbits)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The matrix is $\begin{pmatrix}1&1\\1&0\end{pmatrix}=Q\Lambda Q^\top$, its power $Q\Lambda^nQ^\top$.

```python
def rabbits(n):
    lam, Q = np.linalg.eigh([[1, 1], [1, 0]])
    return (Q * lam**n @ Q.T)[1, 0]
```

</details>

:::{exercise} Predict, then run
:label: ex-la-predict
Which of these leave the error of the best twenty layers of the temple exactly as it is? `a` turn it by 90°, `b` swap its left and right halves, `c` add ½ to every pixel, `d` shuffle all pixels, `e` double the contrast. Decide about all five before you run.
:::
"""

# %% tags=["yours"]
unchanged = ...  # letters, such as "ace"

exercise("la-predict").check(unchanged)

# %% [markdown]
r"""
<details><summary>Solution</summary>

`a` and `b` move rows and columns about (and transpose): turns on either side. `c` adds a matrix of rank one, which can shift every $\sigma_i$ a little; `e` doubles them all; `d` leaves nothing of the rows and columns.

```python
unchanged = "ab"
```

</details>

:::{exercise} Break it, then mend it
:label: ex-la-break
`echelon` takes everything below $10^{-9}$ for zero. Give a harmless $2\times2$ matrix in which it finds no pivot at all; then write a `rank` that does not care whether you measure in nanometres or in kilometres.
:::
"""

# %% tags=["yours"]
broken = ...  # a pair (A, rank), rank a function of a matrix

exercise("la-break").check(broken)

# %% [markdown]
r"""
<details><summary>Solution</summary>

"Small" means something only beside the largest.

```python
def rank(A):
    s = np.linalg.svd(A, compute_uv=False)
    return int(np.sum(s > 1e-9 * s[0]))

broken = (1e-10 * np.eye(2), rank)
```

</details>

:::{exercise} Your own SVD
:label: ex-la-own-svd
`svd_by_hand` fails for wide matrices and for those that forget. Mend it, using `eigh`: for every matrix return $U,\sigma,V^\top$ of the layers with $\sigma_i>10^{-6}\sigma_1$. (Why not $10^{-12}$? Try it.)
:::
"""

# %% tags=["yours"]
own_svd = ...  # a function of A

exercise("la-own-svd").check(own_svd)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Since $\sigma^2$ is what is computed, half of the digits are gone: rounding in $\lambda$ of $10^{-16}$ is $10^{-8}$ in $\sigma$, and a layer that is not there shows as one of that size. LAPACK never forms $A^\top A$.

```python
def own_svd(A):
    lam, V = np.linalg.eigh(A.T @ A)
    lam, V = lam[::-1], V[:, ::-1]
    r = np.sum(lam > 1e-12 * lam[0])
    sigma = np.sqrt(lam[:r])
    return A @ V[:, :r] / sigma, sigma, V[:, :r].T
```

</details>
"""

# %% [markdown]
r"""
(la-summary)=
## Summary

| idea | formula | where |
|---|---|---|
| a matrix | its columns are the images of the unit vectors; $Ax$ mixes them | [columns](#eq-la-columns), [maps](#eq-la-matrix-of-map) |
| a row | asks for a dot product, $\lVert x\rVert\lVert y\rVert\cos\omega$ | [angle](#eq-la-angle) |
| determinant | volume factor; zero exactly if something is forgotten | [area](#eq-la-area) |
| rank | number of pivots = column rank = row rank; $\dim\ker A=n-\operatorname{rk}A$ | [rank](#eq-la-rank), [kernel](#eq-la-rank-nullity) |
| nearest point | $B^\top B\beta=B^\top x$: what is left over is orthogonal | [projection](#eq-la-nearest) |
| eigenvectors | $Av=\lambda v$; powers lean towards the largest, if it is alone | [power iteration](#eq-la-power) |
| symmetric | $A=Q\Lambda Q^\top$, perpendicular axes | [proof](#eq-la-rayleigh) |
| SVD | $A=\sum_i\sigma_iu_iv_i^\top$, always; $\lVert A\rVert_2=\sigma_1$, $\kappa=\sigma_1/\sigma_n$ | [layers](#eq-la-svd), [condition](#eq-la-condition) |
| best rank $k$ | keep the $k$ strongest layers; best of its *rank* in one *table*, not of its *size* | [theorem](#eq-la-eckart) |

**Further reading.** {cite:t}`strang2023` starts from elimination and draws the four subspaces; {cite:t}`axler2024` does without determinants; {cite:t}`trefethen1997` starts from the SVD and is the best on conditioning; {cite:t}`golub2013` has all algorithms; {cite:t}`deisenroth2020` writes for machine learning.
"""

# %% [markdown]
r"""
(la-shelf)=
## The shelf

What the thread did not need stands here, to be consulted rather than read through: every entry can be read alone.
"""

# %% [markdown]
r"""
(scalars-vectors-matrices-tensors)=
(vector-and-matrix-addition)=
### Scalars, vectors, matrices, tensors

A *scalar* is one number, a *vector* a list, a *matrix* $A\in\mathbb R^{m\times n}$ a table, a *tensor of order $k$* a block whose numbers have $k$ indices ("order", since "rank" means [something else](#matrix-rank)). A batch of colour photographs has order 4. Blocks of equal shape add entry by entry, and numbers multiply every entry, $(\alpha A+B)_{ij}=\alpha a_{ij}+b_{ij}$; so the laws of numbers hold. On a computer they hold up to rounding only, all but the commutative ones, and after a cancellation "up to rounding" can mean everything: $(10^{20}-10^{20})+1\ne10^{20}+(-10^{20}+1)$.
"""

# %% tags=["checks"]
big = 1e20
verify("the two bracketings", [(big - big) + 1, big + (-big + 1)], [1, 0])
rng = np.random.default_rng(20)
a, b, c = rng.normal(size=(3, 100_000))
laws = {
    "associative": (a + b) + c != a + (b + c),
    "distributive": a * (b + c) != a * b + a * c,
    "commutative": (a + b != b + a) | (a * b != b * a),
}
verify(
    "100,000 random triples: laws that fail at least once: associative, distributive, commutative",
    [broken.any() for broken in laws.values()],
    [1, 1, 0],
)

# %% [markdown]
r"""
(identity-matrix)=
(transpose-rules)=
### Identity and transpose

The *identity* $I_n$ changes nothing: $I_mA=A=AI_n$ for $A\in\mathbb R^{m\times n}$ (two sizes). The *transpose* swaps rows and columns; it is the matrix with $\langle Ax,y\rangle=\langle x,A^\top y\rangle$ for all $x,y$. That explains why it turns products round: $\langle ABx,y\rangle=\langle Bx,A^\top y\rangle=\langle x,B^\top A^\top y\rangle$, so $(AB)^\top=B^\top A^\top$. Backpropagation runs on this: the gradient goes back through a layer by $W^\top$.
"""

# %% tags=["checks"]
rng = np.random.default_rng(21)
A, B = rng.normal(size=(4, 3)), rng.normal(size=(3, 5))
X, Y = rng.normal(size=(5, 50)), rng.normal(size=(4, 50))
verify(
    "⟨ABx, y⟩ against ⟨x, BᵀAᵀy⟩, fifty pairs",
    np.einsum("ij,jk,kn,in->n", A, B, X, Y),
    np.einsum("kn,kn->n", X, matrix_of(lambda y: B.T @ (A.T @ y), 4) @ Y),
    atol=1e-10,
)
g = lambda x: np.sum(np.tanh(A @ x))
x = rng.normal(size=3)
verify(
    "the gradient of Σ tanh(Ax) goes back by Aᵀ",
    A.T @ (1 - np.tanh(A @ x) ** 2),
    optimize.approx_fprime(x, g, 1e-7),
    atol=1e-5,
)

# %% [markdown]
r"""
(symmetric-matrix)=
### Symmetric matrices

$A=A^\top$. Sums of symmetric matrices are symmetric; a product is exactly if $AB=BA$, for $(AB)^\top=BA$. Every square matrix splits, $A=\frac12(A+A^\top)+\frac12(A-A^\top)$, and the second, antisymmetric part $K$ is invisible in $x^\top Ax$: this number equals its own transpose, $x^\top Kx=x^\top K^\top x=-x^\top Kx$, so it is zero.
"""

# %% tags=["checks"]
rng = np.random.default_rng(22)
A = rng.normal(size=(4, 4))
numeric = np.array(
    [
        [
            (lambda f: (f(d + e) - f(d - e) - f(e - d) + f(-d - e)) / 4)(
                lambda x: x @ A @ x
            )
            for e in np.eye(4)
        ]
        for d in np.eye(4)
    ]
)
verify("the second derivatives of xᵀAx see A + Aᵀ only", numeric, A + A.T, atol=1e-12)
circulant = [linalg.circulant([4, 1, 0, 0, 1]), linalg.circulant([2, 0, 3, 3, 0])]
verify(
    "two that commute: the product is symmetric",
    circulant[0] @ circulant[1],
    (circulant[0] @ circulant[1]).T,
)

# %% [markdown]
r"""
(trace)=
(trace-inner-product-identities)=
### Trace

$\operatorname{tr}A=\sum_ia_{ii}$ is linear and lets factors go round in a circle, $\operatorname{tr}(AB)=\sum_{ik}a_{ik}b_{ki}=\operatorname{tr}(BA)$; in a circle, not in any order: $\operatorname{tr}(ABC)=\operatorname{tr}(BCA)$, but $\operatorname{tr}(ACB)$ is another number. Since a number is its own trace, $v^\top w=\operatorname{tr}(wv^\top)$ and $\sum_{ij}a_{ij}b_{ij}=\operatorname{tr}(A^\top B)$. And since it is a sum, expectations pass: for $x$ with mean $\mu$ and covariance $C$

$$
\mathbb E[x^\top Ax]=\operatorname{tr}\bigl(A\,\mathbb E[xx^\top]\bigr)=\operatorname{tr}(AC)+\mu^\top A\mu .
$$ (eq-la-quadratic-mean)

With $C=I$, $\mu=0$ this is how the trace of a Hessian is estimated from Hessian–vector products.
"""

# %% tags=["checks"]
rng = np.random.default_rng(23)
A, B, C = rng.normal(size=(3, 4, 4))
verify(
    "round in a circle; and another order, by how much it differs",
    [
        np.trace(B @ C @ A) - np.einsum("ij,jk,ki", A, B, C),
        abs(np.trace(A @ C @ B) - np.trace(A @ B @ C)) > 0.1,
    ],
    np.array([0.0, 1.0]),
    atol=1e-10,
)
R, mu = rng.normal(size=(4, 4)), rng.normal(size=4)
draws = mu + rng.normal(size=(100_000, 4)) @ R.T
verify_within_se(
    "mean of xᵀAx over 100,000 draws",
    np.einsum("ni,ij,nj->n", draws, A, draws),
    np.trace(A @ R @ R.T) + mu @ A @ mu,
)
signs = rng.choice([-1.0, 1.0], (300, 640))
estimates = np.array([v @ hessian_times(v) for v in signs[:60]])
verify_within_se(
    "trace of the classifier's Hessian from 60 products", estimates, curvatures.sum()
)

# %% [markdown]
r"""
(cofactor-expansion)=
### Determinants by cofactors, and by pivots

Expand along the first row: strike out row 1 and column $j$, take the determinant of what is left, add with alternating signs,

$$
\det A=\sum_j(-1)^{1+j}a_{1j}\det A_{(1j)} .
$$ (eq-la-cofactor)

*Why.* Volume is linear in each row, so split the first into its multiples of unit vectors; where row 1 is $e_j$, the entries below it can be sheared away, which keeps the volume, and moving column $j$ to the front takes $j-1$ swaps, each a mirror. For $20\times20$ this takes more than $20!$ products. Elimination takes a few thousand: shears keep the volume, so $\det A$ is the product of the pivots, with a minus for every swap. Column steps do to $A$ what row steps do to $A^\top$ and are shears and mirrors as well; hence $\det A^\top=\det A$.
"""


# %%
def by_cofactors(A):
    if len(A) == 1:
        return A[0, 0]
    minors = [np.delete(A[1:], j, axis=1) for j in range(len(A))]
    return sum((-1) ** j * A[0, j] * by_cofactors(M) for j, M in enumerate(minors))


# %% tags=["checks"]
rng = np.random.default_rng(24)
whole_numbers = rng.integers(-4, 5, (8, 5, 5))
exact = [sp.Matrix(M.tolist()).det() for M in whole_numbers]
verify(
    "5 × 5 of whole numbers, against exact fractions",
    [int(by_cofactors(M)) for M in whole_numbers],
    [int(d) for d in exact],
)
pivots = [np.prod(np.diag(echelon(M)[0])) for M in whole_numbers]
verify(
    "the pivots, up to the sign of the swaps",
    np.abs(pivots),
    np.abs(np.array(exact, float)),
    atol=1e-9,
)
M = rng.normal(size=(3, 3))
verify(
    "det Aᵀ = det A: along the first column instead",
    by_cofactors(M.T),
    by_cofactors(M),
    rtol=1e-12,
)

# %% [markdown]
r"""
(group)=
### Group

A set with an operation that never leaves it, is associative, has a neutral element and an inverse for each element; *Abelian* if the order does not matter. The turns of a square by quarters are one (Abelian), with its mirrors they are another (not Abelian); the whole numbers under multiplication are none, since 2 has no inverse. For a finite set all cases can be tried, and then the test *is* a proof.
"""


# %%
def group_laws(elements, op):
    e = [n for n in elements if all(op(n, a) == a == op(a, n) for a in elements)]
    return {
        "closed": all(op(a, b) in elements for a in elements for b in elements),
        "associative": all(
            op(op(a, b), c) == op(a, op(b, c))
            for a in elements
            for b in elements
            for c in elements
        ),
        "inverses": bool(e)
        and all(any(op(a, b) == e[0] == op(b, a) for b in elements) for a in elements),
        "Abelian": all(op(a, b) == op(b, a) for a in elements for b in elements),
    }


# %% tags=["checks"]
compose = lambda p, q: tuple(p[i] for i in q)
corners = [(0, 1, 2, 3), (1, 2, 3, 0), (2, 3, 0, 1), (3, 0, 1, 2)]
with_mirrors = corners + [tuple(reversed(c)) for c in corners]
clock = [
    list(group_laws(list(range(1, n)), lambda a, b: a * b % n).values()) for n in (7, 8)
]
verify(
    "the square: turns, then turns and mirrors",
    [list(group_laws(s, compose).values()) for s in (corners, with_mirrors)],
    [[1, 1, 1, 1], [1, 1, 1, 0]],
)
verify(
    "multiplying 1 to n − 1 on a clock of n hours, n = 7 and n = 8",
    clock,
    [[1, 1, 1, 1], [0, 1, 0, 1]],
)
minus = group_laws(list(range(5)), lambda a, b: (a - b) % 5)
verify("subtracting on a clock of five", list(minus.values()), [1, 0, 0, 0])

# %% [markdown]
r"""
(vector-space)=
(coordinate-space-rn)=
(vector-subspace)=
### Vector space and subspace

:::{prf:definition} Vector space
:label: def-la-vector-space
A set $V$ with an addition $+:V\times V\to V$ that makes it an Abelian group and a scaling $\cdot:\mathbb R\times V\to V$ with

$$
1v=v,\qquad(ab)v=a(bv),\qquad a(u+v)=au+av,\qquad(a+b)v=av+bv .
$$ (eq-la-axioms)
:::

What vectors *are* is not said: lists, photographs, polynomials, random variables. The standard example is $\mathbb R^n$ with zero $(0,\dots,0)$. A *subspace* is a part $U$ that contains 0 and is closed under sums and multiples; it inherits the other rules. So it is flat, goes through the origin and never ends. A test can refute these, with one example; it cannot decide them. Below, three impostors and the law that each breaks.
"""

# %% tags=["checks"]
rng = np.random.default_rng(25)
a, b = 2.0, -3.0
u, v = rng.normal(size=(2, 2))
scale_first = lambda a, v: np.array([a * v[0], v[1]])  # (a + b)v fails, 1v = v holds
verify(
    "scaling the first entry only: what (a + b)v misses of av + bv",
    scale_first(a, v) + scale_first(b, v) - scale_first(a + b, v),
    [0, v[1]],
    atol=1e-12,
)
cone = lambda x: abs(x[0]) == abs(x[1])
verify(
    "the cross |x| = |y|: multiples stay, a sum of two members does not",
    [cone(3 * np.array([1, -1])), cone(np.array([1, 1]) + np.array([1, -1]))],
    [1, 0],
)
on_line = lambda x: x[0] + x[1] == 1
verify(
    "the line x + y = 1: neither its zero nor its sums",
    [on_line(np.zeros(2)), on_line(np.array([1, 0]) + np.array([0, 1]))],
    [0, 0],
)

# %% [markdown]
r"""
(function-space)=
(surface-is-not-a-vector-space)=
### Functions are vectors, surfaces are not

All functions $f:S\to\mathbb R$ on a non-empty set $S$ form a vector space, point by point: $(f+g)(x)=f(x)+g(x)$, $(\lambda f)(x)=\lambda f(x)$. The zero vector is the function that is 0 everywhere; $S$ needs no addition of its own. The sphere, for instance, is no vector space, since the midpoint of two of its points lies inside the ball; temperatures *on* it are one. A mixture $a\sin+b\cos$ is again a wave, of amplitude $\sqrt{a^2+b^2}$, as though sine and cosine were arrows at a right angle. [They are](#function-inner-product).
"""

# %% tags=["checks"]
rng = np.random.default_rng(26)
a, b = rng.normal(size=(2, 200))
heights = [
    -optimize.minimize_scalar(
        lambda t: -(p * np.sin(t) + q * np.cos(t)),
        bounds=(math.atan2(p, q) - 1, math.atan2(p, q) + 1.1),
        method="bounded",
    ).fun
    for p, q in zip(a, b)
]
verify("200 mixtures: the largest value, by search", heights, np.hypot(a, b), rtol=1e-6)
P, Q = rng.normal(size=(2, 500, 3))
P, Q = (X / np.linalg.norm(X, axis=1)[:, None] for X in (P, Q))
verify(
    "500 pairs on the sphere: the midpoint's distance from the centre is cos(ω/2)",
    np.linalg.norm((P + Q) / 2, axis=1),
    np.cos(np.arccos((P * Q).sum(1)) / 2),
    atol=1e-6,
)

# %% [markdown]
r"""
(standard-basis-one-hot)=
(indicator-basis-function-space)=
(coordinates-in-a-basis)=
### Coordinates, one-hot vectors, indicators

For a basis $b_1,\dots,b_n$ every $x$ has unique coordinates $[x]_B=\alpha$ with $x=\sum_i\alpha_ib_i$: two recipes would differ by a non-trivial combination of 0. In $\mathbb R^n$ they solve $B\alpha=x$. The simplest basis are the unit vectors $e_i$, in deep learning the *one-hot* code of class $i$; $We_i$ is column $i$, so an embedding layer is a matrix of which one column is looked up. For functions on a finite set $S$ the indicators $\delta_s$ play that part, and the space has dimension $|S|$. For infinite $S$ finite combinations reach only functions that vanish but at finitely many points.
"""

# %% tags=["checks"]
p = np.polynomial.Polynomial([2, -1, 0.5, 3])
around_one = [p.deriv(k)(1.0) / math.factorial(k) if k else p(1.0) for k in range(4)]
basis_one = np.array(
    [
        np.polynomial.polynomial.polypow([-1, 1], k).tolist() + [0] * (3 - k)
        for k in range(4)
    ]
).T
verify(
    "a cubic in the basis 1, (x − 1), … by solving, and by Taylor",
    np.linalg.solve(basis_one, p.coef),
    around_one,
    atol=1e-12,
)

# %% [markdown]
r"""
(image-not-in-span-of-features)=
### What no mixture of features reaches

Pixels span all pictures; three templates (a disc, a bar, a ring, say) span a space of dimension three, in which a disc somewhere else does not lie. What moves, turns and recolours is not linear. Nor do more copies help much: the further a small disc is moved, the less of it the templates explain, down to nothing when they no longer overlap.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Share of a moved disc that three fixed templates explain, against the distance moved: one at zero, falling, and zero from two radii on."}}
yy, xx = np.mgrid[:48, :48]
disc = lambda x: ((xx - x) ** 2 + (yy - 24) ** 2 < 36).astype(float)
ring = (abs(np.hypot(xx - 8, yy - 8) - 5) < 1.5).astype(float)
bar = ((abs(yy - 42) < 2) & (abs(xx - 20) < 15)).astype(float)
templates = np.array([disc(14), ring, bar]).reshape(3, -1).T
moved_by = np.arange(0, 20)
explained = np.array(
    [
        np.sum(nearest(templates, disc(14 + d).ravel()) ** 2) / disc(14 + d).sum()
        for d in moved_by
    ]
)
plt.plot(moved_by, explained, ".-", color=plot.BLUE)
plt.xlabel("pixels moved (radius 6)")
plt.ylabel("share explained")
plt.show()

# %% tags=["checks"]
overlap = [np.sum(disc(14) * disc(14 + d)) / disc(14).sum() for d in moved_by]
verify(
    "the share explained is the squared overlap of the two discs",
    explained,
    np.square(overlap),
    atol=1e-9,
)

# %% [markdown]
r"""
(linear-map-examples)=
(composition-not-commutative)=
(space-of-linear-maps)=
### Derivative, integral, and maps as vectors

$D(f)=f'$ and $J(f)=\int_0^1f$ are [linear](#eq-la-linear). On cubics $a+bx+cx^2+dx^3$ the first is a $4\times4$ table, since $D(x^k)=kx^{k-1}$. Linear maps $V\to W$ can be added and scaled, $(S+\lambda T)v=Sv+\lambda Tv$, and so form a vector space, of dimension $\dim V\dim W$. They can be composed, and then the order matters: with $Sf=f'$ and $Tf=x^2f$ the product rule gives $STf-TSf=2xf$. Some do commute, such as two shifts.
"""

# %% tags=["checks"]
D = matrix_of(lambda c: np.append(np.polynomial.polynomial.polyder(c), 0), 4)
x, f = sp.symbols("x"), sp.Function("f")
S, T = (lambda f: sp.diff(f, x)), (lambda f: x**2 * f)
verify(
    "ST − TS − 2x on an unknown function, by computer algebra",
    int(sp.simplify(S(T(f(x))) - T(S(f(x))) - 2 * x * f(x)) == 0),
    1,
)
shift = lambda h: (
    lambda c: np.polynomial.Polynomial(c)(np.polynomial.Polynomial([h, 1])).coef
)
shifts = [matrix_of(lambda c: np.pad(shift(h)(c), (0, 4))[:4], 4) for h in (0.5, 2.0)]
verify(
    "shift by ½ and by 2, in both orders, is shift by 2½",
    [shifts[0] @ shifts[1], shifts[1] @ shifts[0]],
    [linalg.expm(2.5 * D)] * 2,
    atol=1e-10,
)

# %% [markdown]
r"""
(linear-in-which-variable)=
(linear-functional-representation)=
### Linear in which variable?

$y=z\sin x+z^2\sin x$ is linear in $s=\sin x$, and neither in $x$ nor in $z$. The prediction $w^\top\phi(x)$ of "linear" regression is linear in $w$, whatever $\phi$ is. And every linear $f:\mathbb R^n\to\mathbb R$ is a dot product, $f(x)=w^\top x$ with $w_i=f(e_i)$, by [the images of a basis](#eq-la-matrix-of-map).
"""

# %% tags=["checks"]
rng = np.random.default_rng(28)
g = lambda x, z, s=None: (z + z**2) * (np.sin(x) if s is None else s)
bend = lambda f, u, v: abs(f(u + v) - f(u) - f(v))
u, v = rng.normal(size=(2, 1000))
verify(
    "broken additivity, largest of 1,000 pairs: in s below rounding, in x and z not",
    [
        bend(lambda s: g(0, 1.3, s), u, v).max() > 1e-12,
        bend(lambda x: g(x, 1.3), u, v).max() > 1,
        bend(lambda z: g(0.7, z), u, v).max() > 1,
    ],
    [0, 1, 1],
)
average_slope = lambda c: integrate.quad(
    lambda t: np.polynomial.polynomial.polyval(t, np.polynomial.polynomial.polyder(c)),
    0,
    1,
)[0]
w = matrix_of(lambda e: [average_slope(e)], 4)[0]
c = rng.normal(size=4)
verify(
    "the mean slope of a cubic on [0, 1] is a dot product with its coefficients",
    w @ c,
    np.polynomial.polynomial.polyval(1, c) - c[0],
    atol=1e-10,
)

# %% [markdown]
r"""
(injective-surjective-bijective)=
(isomorphism-theorem)=
### Injective, surjective, isomorphic

*Injective*: different inputs, different outputs; for a linear map $\ker=\{0\}$, full column rank. *Surjective*: all of $W$ is reached, full row rank. Both: *bijective*, with an inverse, and a linear bijection is an *isomorphism*, a renaming. It carries a basis to a basis, so two finite-dimensional real spaces are isomorphic exactly if their dimensions agree: $m\times n$ matrices are $\mathbb R^{mn}$, cubics are $\mathbb R^4$. A linear layer with more outputs than inputs cannot be surjective, one with fewer cannot be injective.
"""

# %% tags=["checks"]
field = list(
    itertools.product(range(3), repeat=4)
)  # over whole numbers modulo 3 all inputs can be tried
rng = np.random.default_rng(29)
counted = []
for shape in ((2, 4), (4, 4), (3, 4)):
    M = rng.integers(0, 3, shape)
    images = [tuple(M @ np.array(x) % 3) for x in field]
    forgotten_inputs = sum(not any(y) for y in images)
    counted.append(len(set(images)) * forgotten_inputs)
verify(
    "modulo 3: number of images times size of the kernel is the number of inputs",
    counted,
    [len(field)] * 3,
)

# %% [markdown]
r"""
(basis-change)=
### The same map in other words

Let the columns of $S$ and $T$ be new bases of $V$ and $W$. Old coordinates are $S$ times new ones, so "translate, map, translate back":

$$
\tilde A=T^{-1}AS,\qquad\text{for }V=W:\quad\tilde A=S^{-1}AS .
$$ (eq-la-basis-change)

In the second case $A$ and $\tilde A$ are *similar*: one map, two tables. What belongs to the map agrees: rank, determinant, trace ($\operatorname{tr}S^{-1}AS=\operatorname{tr}ASS^{-1}$), eigenvalues. A good basis makes the table simple: in its eigenbasis $\begin{pmatrix}2&1\\1&2\end{pmatrix}$ is $\operatorname{diag}(3,1)$.
"""

# %% tags=["checks"]
rng = np.random.default_rng(30)
powers = matrix_of(lambda e: np.pad(np.polynomial.legendre.leg2poly(e), (0, 4))[:4], 4)
D = np.diag([1.0, 2, 3], k=1)
by_library = matrix_of(
    lambda c: np.pad(np.polynomial.legendre.legder(c), (0, 4))[:4], 4
)
verify(
    "the derivative in Legendre's basis, against the library",
    np.linalg.solve(powers, D @ powers),
    by_library,
    atol=1e-12,
)
A, S = rng.normal(size=(2, 5, 5))
tilde = np.linalg.solve(S, A @ S)
verify(
    "similar: coefficients of the characteristic polynomials",
    np.poly(tilde),
    np.poly(A),
    rtol=1e-6,
    atol=1e-8,
)

# %% [markdown]
r"""
(affine-space)=
(homogeneous-solution-space)=
### Solution sets: subspaces and affine spaces

The solutions of $Ax=0$ are a subspace, and every subspace $U$ of $\mathbb R^n$ arises so: take as rows of $A$ a basis of the [orthogonal complement](#orthogonal-complement). Shifted, $x_0+U$ is an *affine space*: a point, a line, a plane. The solutions of $Ax=b$, if there are any, are one. Its members may be averaged: $A\sum_iw_ix_i=(\sum_iw_i)\,b$, so for $b\ne0$ a combination of solutions is a solution exactly if the weights sum to one. *Model soups*, averages of weights, rely on nothing more when the model is linear.
"""

# %% tags=["checks"]
rng = np.random.default_rng(31)
U = rng.normal(size=(6, 2))
rows = linalg.null_space(U.T).T
verify(
    "a plane in six dimensions as the kernel of four equations",
    linalg.orth(U) @ linalg.orth(U).T,
    (lambda N: N @ N.T)(linalg.null_space(rows)),
    atol=1e-10,
)
A, b = rng.normal(size=(3, 5)), rng.normal(size=3)
solutions = np.linalg.lstsq(A, b, rcond=None)[0][:, None] + linalg.null_space(
    A
) @ rng.normal(size=(2, 4))
w = rng.normal(size=4)
verify(
    "four solutions mixed with weights of any sum: A times it, over b",
    A @ solutions @ w / b,
    [w.sum()] * 3,
    rtol=1e-8,
)

# %% [markdown]
r"""
(euclidean-distance)=
(norm)=
(lp-norms)=
### Distances and norms

$d(a,b)=\|a-b\|_2$ is the Euclidean distance. A *norm* is any $\|\cdot\|\ge0$ with $\|\lambda x\|=|\lambda|\|x\|$, $\|x+y\|\le\|x\|+\|y\|$ and $\|x\|=0$ only for $x=0$; then $\|x-y\|$ is a metric (zero only for equal points, symmetric, no detour shorter). The usual family, for $p\ge1$:

$$
\|x\|_p=\Bigl(\sum_i|x_i|^p\Bigr)^{1/p},\qquad\|x\|_\infty=\max_i|x_i|=\lim_{p\to\infty}\|x\|_p .
$$ (eq-la-lp)

*Triangle inequality.* $t\mapsto t^p$ is convex, so the ball $\{\sum|x_i|^p\le1\}$ is convex. Write $\frac{x+y}{\|x\|+\|y\|}$ as the average of $\frac x{\|x\|}$ and $\frac y{\|y\|}$ with weights $\frac{\|x\|}{\|x\|+\|y\|}$ and the rest: it lies in the ball. For $p<1$ the ball caves in and the inequality is gone. $\|x\|_p$ never grows with $p$, and $\|x\|_2\le\|x\|_1\le\sqrt n\,\|x\|_2$, the last by Cauchy–Schwarz with the signs of $x$.
"""


# %% tags=["picture"]
def unit_ball(p):
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    t = np.linspace(0, 2 * np.pi, 801)
    c, s = np.cos(t), np.sin(t)
    size = (
        np.maximum(abs(c), abs(s))
        if p == "∞"
        else (abs(c) ** p + abs(s) ** p) ** (1 / p)
    )
    ax.fill(c / size, s / size, color=plot.BLUE, alpha=0.4)
    ax.set(
        xlim=(-2.5, 2.5),
        ylim=(-1.1, 1.1),
        aspect="equal",
        title=f"all x of length at most one, p = {p}",
    )
    return fig


explore(
    unit_ball,
    alt="The unit ball of the p-norm in the plane: a star for p below 1, a diamond at 1, a disc at 2, a square at infinity",
    p=[0.5, 0.8, 1, 1.5, 2, 4, 10, "∞"],
)

# %% tags=["checks"]
rng = np.random.default_rng(32)
X, Y = rng.normal(size=(2, 2000, 5))
excess = lambda p: (
    linalg.norm(X + Y, p, axis=1)
    / (linalg.norm(X, p, axis=1) + linalg.norm(Y, p, axis=1))
).max()
verify(
    "largest ‖x + y‖ over ‖x‖ + ‖y‖ of 2,000 pairs above 1: p = ½, 1, 1½, 2, ∞",
    [(excess(p) > 1 + 1e-12) for p in (0.5, 1, 1.5, 2, np.inf)],
    [1, 0, 0, 0, 0],
)
worst = max(
    -optimize.minimize(
        lambda x: -linalg.norm(x, 1) / linalg.norm(x), rng.normal(size=5)
    ).fun
    for _ in range(3)
)
verify(
    "largest ‖x‖₁/‖x‖₂ in five dimensions, by search", worst, math.sqrt(5), rtol=1e-6
)

# %% [markdown]
r"""
(inner-product)=
(gram-matrix-of-basis)=
(induced-norm-and-distance)=
### Inner products and the norms they make

An *inner product* is bilinear, symmetric and positive definite ($\langle x,x\rangle>0$ for $x\ne0$). For $x=\sum_i\alpha_ib_i$ and $y=\sum_j\beta_jb_j$ bilinearity gives

$$
\langle x,y\rangle=\sum_{ij}\alpha_i\langle b_i,b_j\rangle\beta_j=\alpha^\top G\beta,\qquad G_{ij}=\langle b_i,b_j\rangle ,
$$ (eq-la-gram)

and the *Gram matrix* $G$ is symmetric positive definite; every such matrix defines an inner product. It brings the norm $\sqrt{\langle x,x\rangle}$ and the distance $\|x-y\|$. Not every norm comes so: expanding the squares,

$$
\|x+y\|^2+\|x-y\|^2=2\|x\|^2+2\|y\|^2 ,
$$ (eq-la-parallelogram)

and this *parallelogram law* holds exactly for those that do. The 1-norm fails at $e_1,e_2$: $4+4\ne2+2$. With $G=C^{-1}$ for a covariance $C$ the distance is *Mahalanobis'*: it counts in standard deviations.
"""

# %% tags=["checks"]
G = np.array(
    [
        [integrate.quad(lambda x: x**i * x**j, 0, 1)[0] for j in range(4)]
        for i in range(4)
    ]
)
verify(
    "∫fg on [0, 1] in the basis 1, x, x², x³: Hilbert's matrix",
    G,
    linalg.hilbert(4),
    atol=1e-12,
)
rng = np.random.default_rng(33)
x, y = rng.normal(size=(2, 500, 3))
law = lambda norm: max(
    abs(norm(x + y) ** 2 + norm(x - y) ** 2 - 2 * norm(x) ** 2 - 2 * norm(y) ** 2)
)
H = np.array([[2, 1, 0], [1, 2, 1], [0, 1, 2.0]])
verify(
    "parallelogram law broken by more than rounding: p = 1, 2, 3, and √xᵀGx",
    [law(lambda v: linalg.norm(v, p, axis=1)) > 1e-9 for p in (1, 2, 3)]
    + [law(lambda v: np.sqrt(((v @ H) * v).sum(1))) > 1e-9],
    [1, 0, 1, 0],
)

# %% [markdown]
r"""
(function-inner-product)=
### Angles between functions

A sum over coordinates becomes an integral, $\langle u,v\rangle=\int_a^bu(x)v(x)\,dx$. On $[-\pi,\pi]$ the functions $\sin x,\sin2x,\dots$ are orthogonal, each of squared length $\pi$. Coordinates of a function in this basis are its *Fourier series*, plain inner products again. The square wave $\operatorname{sign}x$ has

$$
\frac1\pi\int_{-\pi}^\pi\operatorname{sign}(x)\sin kx\,dx=\frac2{\pi k}(1-\cos k\pi):\qquad\frac4{\pi k}\text{ for odd }k,\ 0\text{ for even}.
$$ (eq-la-square-wave)

[Parseval](#eq-la-parseval) then says $\sum_{k\text{ odd}}\frac{16}{\pi^2k^2}\cdot\pi=2\pi$, that is $1+\frac19+\frac1{25}+\dots=\frac{\pi^2}8$: a sum of numbers from Pythagoras.
"""

# %% tags=["checks"]
products_of_sines = [
    [
        integrate.quad(lambda x: math.sin(k * x) * math.sin(l * x), -math.pi, math.pi)[
            0
        ]
        for k in (1, 2, 3)
    ]
    for l in (1, 2, 3)
]
verify(
    "sin x, sin 2x, sin 3x: all inner products",
    products_of_sines,
    math.pi * np.eye(3),
    atol=1e-10,
)
half = np.array(
    [
        integrate.quad(lambda x: 2 / math.pi * math.sin(k * x), 0, math.pi)[0]
        for k in range(1, 8)
    ]
)
verify(
    "coordinates of the square wave, by quadrature",
    half,
    [4 / (math.pi * k) * (k % 2) for k in range(1, 8)],
    atol=1e-10,
)
verify(
    "1 + 1/9 + 1/25 + …, a million terms",
    np.sum(1 / np.arange(1, 2_000_000, 2.0) ** 2),
    math.pi**2 / 8,
    rtol=1e-6,
)

# %% [markdown]
r"""
(gram-schmidt)=
### Gram–Schmidt

Take independent $a_1,\dots,a_k$ one after the other, remove what points along the earlier ones, normalise:

$$
u_j=a_j-\sum_{i<j}\langle q_i,a_j\rangle\,q_i,\qquad q_j=u_j/\|u_j\| .
$$ (eq-la-gram-schmidt)

$u_j\perp q_l$ since $\langle q_l,u_j\rangle=\langle q_l,a_j\rangle-\langle q_l,a_j\rangle$, and spans agree step by step: $A=QR$ with triangular $R$. The *modified* variant takes the overlap with what is left of $a_j$, not with $a_j$. On paper it is the same. On the nearly dependent columns of Hilbert's matrix $h_{ij}=1/(i+j-1)$ it is not.
"""


# %%
def gram_schmidt(A, modified):
    Q = []
    for a in A.T:
        u = a.copy()
        for q in Q:
            u = u - (q @ (u if modified else a)) * q
        Q.append(u / np.linalg.norm(u))
    return np.array(Q).T


# %% tags=["picture"] mystnb={"image": {"alt": "Loss of orthogonality against the size of Hilbert's matrix on a logarithmic axis: the classical variant reaches order one at size seven, the modified one rises later and more slowly, Householder's stays at rounding."}}
hilbert_sizes = np.arange(2, 12)
loss_of_right_angles = {
    name: np.array(
        [
            np.linalg.norm(Q(linalg.hilbert(n)).T @ Q(linalg.hilbert(n)) - np.eye(n))
            for n in hilbert_sizes
        ]
    )
    for name, Q in {
        "classical": lambda A: gram_schmidt(A, False),
        "modified": lambda A: gram_schmidt(A, True),
        "library (Householder)": lambda A: np.linalg.qr(A)[0],
    }.items()
}
for (name, values), colour in zip(
    loss_of_right_angles.items(), (plot.RED, plot.BLUE, plot.GREEN)
):
    plt.semilogy(hilbert_sizes, values, ".-", color=colour, label=name)
plt.xlabel("size of Hilbert's matrix")
plt.ylabel(r"$\|Q^\top Q-I\|$")
plt.legend()
plt.show()

# %% tags=["checks"]
A = np.random.default_rng(34).normal(size=(7, 4))
Q, R = np.linalg.qr(A)
verify(
    "both variants against the library, signs fixed by a positive diagonal of R",
    [gram_schmidt(A, True), gram_schmidt(A, False)],
    [Q * np.sign(np.diag(R))] * 2,
    atol=1e-12,
)
kappas = np.array([np.linalg.cond(linalg.hilbert(n)) for n in hilbert_sizes[:6]])
slopes = [
    np.polyfit(np.log(kappas), np.log(loss_of_right_angles[name][:6]), 1)[0]
    for name in ("classical", "modified")
]
verify(
    "losses as powers of the condition number: the second and the first",
    slopes,
    np.array([2.0, 1.0]),
    atol=0.4,
)

# %% [markdown]
r"""
(orthogonal-matrix)=
### Orthogonal matrices

A *square* $Q$ with orthonormal columns (*unitary*, if complex): $Q^\top Q=I$, so $Q^{-1}=Q^\top$ and $QQ^\top=I$. It keeps inner products, $\langle Qx,Qy\rangle=x^\top Q^\top Qy$, hence lengths and angles; $\det Q=\pm1$, because $1=\det(Q^\top Q)=(\det Q)^2$. In the plane these are the turns ($+1$) and the mirrors ($-1$), and two mirrors at lines that meet at an angle $\omega$ make a turn by $2\omega$.
"""

# %% tags=["checks"]
mirror_at = lambda t: (
    np.eye(2) - 2 * np.outer([-math.sin(t), math.cos(t)], [-math.sin(t), math.cos(t)])
)
turned = mirror_at(0.9) @ mirror_at(0.2)
verify(
    "mirrors at lines of angles 0.2 and 0.9: what becomes of complex numbers",
    turned @ [[1, 0], [0, 1]],
    [[math.cos(1.4), -math.sin(1.4)], [math.sin(1.4), math.cos(1.4)]],
    atol=1e-12,
)
K = np.random.default_rng(35).normal(size=(5, 5))
Q = linalg.expm(K - K.T)
cloud = np.random.default_rng(36).normal(size=(30, 5))
verify(
    "exponentials of antisymmetric matrices keep all distances",
    spatial.distance.pdist(cloud @ Q.T),
    spatial.distance.pdist(cloud),
    atol=1e-10,
)

# %% [markdown]
r"""
(orthogonal-complement)=
(projection)=
### Orthogonal complement, projections

$U^\perp$ is all that is orthogonal to $U$. Extend an orthonormal basis of $U$ ($k$ vectors) to one of $\mathbb R^n$: the other $n-k$ are a basis of $U^\perp$, so every $v$ splits in one way into $u+u^\perp$. A *projection* is a map with $P^2=P$. From $Pv=\lambda v$ follows $\lambda=\lambda^2$, so its eigenvalues are 0 and 1, and its trace is its rank. It may be slanted, like $\begin{pmatrix}1&1\\0&0\end{pmatrix}$, the shadow in the afternoon. The *orthogonal* ones, shadows at noon, are those with $P=P^\top$: then $\langle Px,y-Py\rangle=x^\top(P-P^2)y=0$; and only they never lengthen a vector.
"""

# %% tags=["checks"]
rng = np.random.default_rng(37)
B, C = rng.normal(size=(2, 6, 2))
straight = matrix_of(lambda x: nearest(B, x), 6)
slanted = B @ np.linalg.solve(C.T @ B, C.T)
longest = [np.linalg.norm(P, 2) for P in (straight, slanted)]
verify(
    "eigenvalues of both, six each",
    [np.sort(np.linalg.eigvals(P).real) for P in (straight, slanted)],
    [[0, 0, 0, 0, 1, 1]] * 2,
    atol=1e-8,
)
angle = max(linalg.subspace_angles(B, C))
verify(
    "the most they lengthen: 1, and 1/cos of the largest angle between the planes",
    longest,
    np.array([1, 1 / math.cos(angle)]),
    rtol=1e-8,
)
verify(
    "what is orthogonal to the plane: dimension", linalg.null_space(B.T).shape[1], 6 - 2
)

# %% [markdown]
r"""
(quadratic-formula)=
(trace-and-determinant-from-eigenvalues)=
### Eigenvalues of two by two, trace and determinant

$ax^2+bx+c=0$ has the roots $\frac{-b\pm\sqrt{b^2-4ac}}{2a}$. For $2\times2$ the characteristic polynomial is $\lambda^2-\operatorname{tr}A\,\lambda+\det A$, hence $\lambda=\frac12\bigl(\operatorname{tr}A\pm\sqrt{\operatorname{tr}^2A-4\det A}\bigr)$. In every dimension, counted with multiplicity and complex ones included,

$$
\operatorname{tr}A=\sum_i\lambda_i,\qquad\det A=\prod_i\lambda_i :
$$ (eq-la-trace-det)

compare the coefficients of $\det(\lambda I-A)=\prod_i(\lambda-\lambda_i)$ at $\lambda=0$ and at $\lambda^{n-1}$, where only the product of the diagonal contributes.
"""


# %%
def eigenvalues2(A):
    (a, b), (c, d) = A
    root = np.sqrt(complex((a + d) ** 2 - 4 * (a * d - b * c)))
    return np.array([(a + d + root) / 2, (a + d - root) / 2])


# %% tags=["checks"]
rng = np.random.default_rng(38)
both_ways = np.array(
    [
        [
            np.sort_complex(eigenvalues2(M)),
            np.sort_complex(np.linalg.eigvals(M).astype(complex)),
        ]
        for M in rng.normal(size=(200, 2, 2))
    ]
)
verify(
    "200 random matrices, with real and with complex eigenvalues: largest gap to the library",
    abs(both_ways[:, 0] - both_ways[:, 1]).max(),
    0.0,
    atol=1e-7,
)
M = rng.normal(size=(100, 5, 5))
lam = np.linalg.eigvals(M)
verify(
    "100 of size five: sums and products",
    [lam.sum(1).real, lam.prod(1).real],
    [np.trace(M, axis1=1, axis2=2), np.linalg.det(M)],
    rtol=1e-7,
    atol=1e-9,
)

# %% [markdown]
r"""
(eigenspace)=
(eigenvalues-of-transpose)=
(distinct-eigenvalues-independence)=
### Eigenspaces, transposes, distinct eigenvalues

$E_\lambda=\ker(A-\lambda I)$ is the *eigenspace* of $\lambda$; its dimension is at most the multiplicity of $\lambda$ as a root, and less for $\begin{pmatrix}1&1\\0&1\end{pmatrix}$. $A$ and $A^\top$ have the same characteristic polynomial, so the same eigenvalues, with other eigenvectors: those for different eigenvalues are orthogonal across (so for symmetric $A$ to each other), since $\lambda\langle v,w\rangle=\langle Av,w\rangle=\langle v,A^\top w\rangle=\mu\langle v,w\rangle$. *Eigenvectors $v_1,\dots,v_k$ of distinct eigenvalues are independent*: take a relation $\sum c_iv_i=0$ with as few non-zero $c_i$ as possible; apply $A$ and subtract $\lambda_1$ times it, and a shorter one is left.
"""

# %% tags=["checks"]
rng = np.random.default_rng(39)
A = rng.normal(size=(6, 6))
lam, V = np.linalg.eig(A)
mu, W = np.linalg.eig(A.T)
W = W[:, [abs(mu - l).argmin() for l in lam]]
cross = abs(W.T @ V)
verify(
    "eigenvectors of A against those of Aᵀ: largest product across, smallest of a pair",
    [(cross - np.diag(np.diag(cross))).max() < 1e-10, np.diag(cross).min() > 1e-3],
    [1, 1],
)
spaces = [
    linalg.null_space(M - l * np.eye(len(M))).shape[1]
    for M, l in (
        (np.diag([2.0, 2, 3]), 2),
        (np.diag([2.0, 2, 3]), 3),
        (np.array([[1.0, 1], [0, 1]]), 1),
    )
]
verify(
    "dimensions of eigenspaces: diag(2, 2, 3) at 2 and 3; the shear", spaces, [2, 1, 1]
)
near = [
    np.linalg.cond(np.linalg.eig(np.array([[1, 1], [0, 1 + eps]]))[1])
    for eps in (1e-3, 1e-5)
]
verify(
    "eigenvalues 1 and 1 + ε: condition of the eigenbasis is 2/ε",
    near,
    [2 / 1e-3, 2 / 1e-5],
    rtol=0.01,
)

# %% [markdown]
r"""
(eigendecomposition)=
### Eigendecomposition

If $n$ independent eigenvectors exist (the columns of $V$), then $AV=V\Lambda$, so

$$
A=V\Lambda V^{-1},\qquad A^k=V\Lambda^kV^{-1},
$$ (eq-la-eigendecomposition)

and likewise for every power series, $e^A=Ve^\Lambda V^{-1}$. Matrices without such a basis are *defective*, as [above](#linear-algebra-beware). A case at work: the links of the web as a table of probabilities, whose powers tend to the stationary ranking of pages {cite:p}`brin1998`; the second eigenvalue says how fast.
"""

# %% tags=["checks"]
links = np.array(
    [[0, 0, 1, 0.5], [1 / 3, 0, 0, 0], [1 / 3, 0.5, 0, 0.5], [1 / 3, 0.5, 0, 0]]
)
surfer = 0.85 * links + 0.15 / 4  # columns: where one goes next
lam, V = np.linalg.eig(surfer)
ranking = np.real(V[:, lam.real.argmax()] / V[:, lam.real.argmax()].sum())
rng = np.random.default_rng(40)
page, visits = np.zeros(20_000, int), surfer.cumsum(0)
for _ in range(30):
    page = (rng.random(20_000) > visits[:, page]).sum(0)
verify(
    "four pages: the leading eigenvector against 20,000 random surfers",
    ranking,
    np.bincount(page, minlength=4) / 20_000,
    atol=4 * 0.5 / math.sqrt(20_000),
)
A = np.array([[4.0, 1], [2, 3]])
lam, V = np.linalg.eig(A)
verify(
    "tenth power and exponential from the eigenvalues",
    [
        V * lam**10 @ np.linalg.solve(V, np.eye(2)),
        V * np.exp(lam) @ np.linalg.solve(V, np.eye(2)),
    ],
    [np.linalg.matrix_power(A, 10), linalg.expm(A)],
    rtol=1e-10,
)

# %% [markdown]
r"""
(sylvester-criterion)=
### Sylvester's criterion

A symmetric matrix is positive definite exactly if all *leading* minors (determinants of the upper left $k\times k$ blocks) are positive; negative definite if they alternate, starting negative. *Why:* if $A$ is positive definite so is each block, and its determinant, the product of its eigenvalues, is positive. Conversely the pivots of elimination without swaps are the quotients of consecutive minors, all positive, and elimination done to rows and columns alike turns $x^\top Ax$ into a sum of squares with the pivots as weights. For *semi*definite it takes all principal minors, not only the leading ones: $\operatorname{diag}(0,-1)$ has leading minors $0,0$.
"""


# %%
def leading_minors(A):
    return np.array([np.linalg.det(A[:k, :k]) for k in range(1, len(A) + 1)])


# %% tags=["checks"]
rng = np.random.default_rng(41)
S = rng.normal(size=(2000, 3, 3)) + 1.5 * rng.choice([-1, 0, 1], 2000)[
    :, None, None
] * np.eye(3)
S = S + S.transpose(0, 2, 1)
lam = np.linalg.eigvalsh(S)
minors = np.array([leading_minors(M) for M in S])
verify(
    "2,000 matrices: positive, negative definite by minors and by eigenvalues",
    [(minors > 0).all(1), (minors * [-1, 1, -1] > 0).all(1)],
    [(lam > 0).all(1), (lam < 0).all(1)],
)
all_minors = lambda M: [
    np.linalg.det(M[np.ix_(i, i)])
    for k in (1, 2, 3)
    for i in itertools.combinations(range(3), k)
]
thin = rng.normal(size=(400, 3, 2))
thin = (
    np.einsum("nik,k,njk->nij", thin, [1.0, 1.0], thin)
    * rng.choice([-1, 1], 400)[:, None, None]
)
verify(
    "400 singular ones: semidefinite by all principal minors and by eigenvalues",
    [min(all_minors(M)) > -1e-9 for M in thin],
    np.linalg.eigvalsh(thin)[:, 0] > -1e-9,
)
verify(
    "diag(0, −1): leading minors and smallest eigenvalue",
    [*leading_minors(np.diag([0.0, -1])), np.linalg.eigvalsh(np.diag([0.0, -1]))[0]],
    [0, 0, -1],
)

# %% [markdown]
r"""
(cholesky-decomposition)=
### Cholesky decomposition

Every symmetric positive definite matrix is

$$
A=LL^\top,\qquad L\text{ lower triangular with positive diagonal},
$$ (eq-la-cholesky)

in exactly one way. *Why it exists:* $A=\begin{pmatrix}a&b^\top\\b&C\end{pmatrix}$ has $a>0$; with first column $\binom{\sqrt a}{b/\sqrt a}$ there remains $C-bb^\top/a$, which is positive definite again, because $z^\top(C-bb^\top/a)z$ is $x^\top Ax$ for $x=(-b^\top z/a,\,z)$. Go on with that. With other signs of the columns the product is the same, so uniqueness needs the positive diagonal. Semidefinite matrices have factors too, not unique. Uses: solving, $\ln\det A=2\sum_i\ln l_{ii}$, and sampling: $\mu+L\epsilon$ has covariance $A$. It is no square root: $LL^\top$ is not $L^2$.
"""


# %%
def cholesky(A):
    A, L = np.array(A, float), np.zeros(A.shape)
    for j in range(len(A)):
        L[j:, j] = A[j:, j] / math.sqrt(A[j, j])
        A[j:, j:] -= np.outer(L[j:, j], L[j:, j])  # what remains
    return L


# %% tags=["checks"]
rng = np.random.default_rng(42)
R = rng.normal(size=(5, 5))
A = R @ R.T + np.eye(5)
verify("against LAPACK", cholesky(A), np.linalg.cholesky(A), atol=1e-10)
verify(
    "log-determinant from the diagonal, by eigenvalues",
    2 * np.log(np.diag(cholesky(A))).sum(),
    np.log(np.linalg.eigvalsh(A)).sum(),
    rtol=1e-12,
)
draws = rng.normal(size=(100_000, 5)) @ cholesky(A).T
verify_within_se(
    "covariance of two sampled coordinates", draws[:, 0] * draws[:, 3], A[0, 3]
)

# %% [markdown]
r"""
(frobenius-norm)=
### Norms of matrices, entry by entry

A matrix read as one long vector has the norms $(\sum_{ij}|a_{ij}|^p)^{1/p}$: the sum of sizes for $p=1$, the largest entry for $p=\infty$, and for $p=2$ the *Frobenius norm* $\sqrt{\operatorname{tr}(A^\top A)}=\sqrt{\sum_i\sigma_i^2}$, which turns on either side leave unchanged. Between it and the spectral norm, $\|A\|_2\le\|A\|_F\le\sqrt r\,\|A\|_2$ for rank $r$; weight decay is its square.
"""

# %% tags=["checks"]
rng = np.random.default_rng(43)
A = rng.normal(size=(3, 4))
entrywise = lambda A, p: (abs(A) ** p).sum() ** (1 / p)
Q = linalg.qr(rng.normal(size=(3, 3)))[0]
verify(
    "turning changes p = 2 by nothing, p = 1 and p = 4 by something",
    [abs(entrywise(Q @ A, p) - entrywise(A, p)) > 1e-3 for p in (1, 2, 4)],
    [1, 0, 1],
)
flat = linalg.qr(rng.normal(size=(6, 3)), mode="economic")[0]
verify(
    "equal singular values reach √r between the norms",
    np.linalg.norm(flat) / np.linalg.norm(flat, 2),
    math.sqrt(3),
    rtol=1e-10,
)

# %% [markdown]
r"""
(movie-ratings-svd)=
### Films and viewers

A table of ratings, films by viewers, as {cite:t}`deisenroth2020` tell it: the left singular vectors are stereotypical films, the right ones stereotypical viewers, and $\sigma_i$ says how much of the table a pair explains. Recommenders complete tables in a similar way, fitting two thin factors to the known entries only, and word embeddings come from such a table of words and contexts. Subtract the mean rating first: otherwise the first pair says only that ratings are positive. A word of care: the signs of a pair are arbitrary, and "themes" are read into it by us.
"""

# %% tags=["set-up"]
films = ["Star Wars", "Blade Runner", "Amélie", "Delicatessen"]
ratings = np.array([[5, 4, 1], [5, 5, 0], [0, 0, 5], [1, 0, 4.0]])
film_U, film_sigma, film_Vt = np.linalg.svd(ratings - ratings.mean())
film_U, film_Vt = film_U * np.sign(film_U[0]), film_Vt * np.sign(film_U[0, :3])[:, None]
print(
    "first theme:  "
    + ", ".join(f"{name} {value:+.2f}" for name, value in zip(films, film_U[:, 0]))
)
print(
    "its viewers:  "
    + ", ".join(
        f"{name} {value:+.2f}"
        for name, value in zip(("Ali", "Beatrix", "Chandra"), film_Vt[0])
    )
)
print(
    f"share of the squared deviations: {film_sigma[0] ** 2 / np.sum(film_sigma**2):.1%}"
)

# %% tags=["checks"]
verify(
    "the first theme parts the films, and the viewers, by genre",
    [np.sign(film_U[:, 0]), [*np.sign(film_Vt[0]), 0]],
    [[1, 1, -1, -1], [1, 1, -1, 0]],
)
rng = np.random.default_rng(44)
shuffles = [
    np.linalg.svd(
        rng.permutation(ratings.ravel()).reshape(4, 3) - ratings.mean(),
        compute_uv=False,
    )[0]
    for _ in range(999)
]
verify_at_most(
    "the same ratings shuffled, 999 times: how often the first theme is as strong",
    np.mean(np.array(shuffles) >= film_sigma[0]),
    0.05,
)

# %% [markdown]
r"""
(moore-penrose-pseudoinverse)=
### Pseudo-inverse

$A^+=V\Sigma^+U^\top$ undoes the stretches that can be undone, $1/\sigma_i$ for $\sigma_i>0$ and 0 otherwise. $A^+b$ is, of all $x$ that come nearest to $b$, the shortest. It equals $(A^\top A)^{-1}A^\top$ for independent columns, $A^\top(AA^\top)^{-1}$ for independent rows, and $A^\top$ for *orthonormal* columns (orthogonal is not enough: for $W=QD$ it is $D^{-1}Q^\top$). It is also the limit of ridge regression,

$$
A^+=\lim_{\epsilon\to0}A^\top(AA^\top+\epsilon I)^{-1},
$$ (eq-la-ridge-limit)

because there $\sigma_i$ becomes $\sigma_i/(\sigma_i^2+\epsilon)$. Gradient descent on least squares from 0 ends there too.
"""


# %%
def pseudoinverse(A, tol=1e-10):
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    r = np.sum(s > tol * s[0])
    return Vt[:r].T / s[:r] @ U[:, :r].T


# %% tags=["checks"]
rng = np.random.default_rng(45)
A = rng.normal(size=(5, 2)) @ rng.normal(size=(2, 4))
P = pseudoinverse(A)
verify(
    "Penrose's four conditions on a 5 × 4 of rank 2",
    [
        np.linalg.norm(M)
        for M in (A @ P @ A - A, P @ A @ P - P, A @ P - (A @ P).T, P @ A - (P @ A).T)
    ],
    np.zeros(4),
    atol=1e-10,
)
s = linalg.svdvals(A)[:2]
b, x = rng.normal(size=5), np.zeros(4)
for _ in range(3000):
    x = x - A.T @ (A @ x - b) / s[0] ** 2
verify("gradient descent from 0 ends at A⁺b", x, P @ b, atol=1e-8)
gaps = [
    np.linalg.norm(A.T @ np.linalg.solve(A @ A.T + eps * np.eye(5), np.eye(5)) - P)
    / eps
    for eps in (1e-5, 1e-6)
]
verify(
    "ridge misses it by ε times the size of 1/σ³",
    gaps,
    [math.sqrt(np.sum(s**-6))] * 2,
    rtol=0.01,
)
