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

On the left a photograph, 213 rows of 320 grey values. On the right the same photograph after 84 % of its numbers have been thrown away. Two questions. Could somebody cleverer have kept a better 16 %? And how large is the mistake? It turns out that one can know both answers, to ten digits, from a short list of numbers and without ever looking at the second picture.
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
import numpy as np
import sympy as sp
from scipy import integrate, linalg, optimize, spatial
from sklearn import datasets

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
    verify_within_se,
)

plot.style()

# %% mystnb={"image": {"classes": "photo", "alt": "Two grey photographs of a Chinese temple on a lake side by side; the right one, rebuilt from 20 layers, is a little blurred but shows the same building."}}
colour_photo = datasets.load_sample_image("china.jpg")  # (427, 640, 3)
photo = (
    colour_photo[:426].reshape(213, 2, 320, 2, 3).mean((1, 3, 4)) / 255
)  # (213, 320)
U, sigma, Vt = np.linalg.svd(photo, full_matrices=False)
rebuilt = (U[:, :20] * sigma[:20]) @ Vt[:20]

fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.6))
for ax, image, title in zip(
    axes, (photo, rebuilt), ("68 160 numbers", "10 680 numbers")
):
    ax.imshow(image, cmap="gray", vmin=0, vmax=1)
    ax.set(title=title)
    ax.axis("off")
plt.show()

# %%
verify(
    "numbers stored for 20 layers of the 213 by 320 photograph",
    20 * (213 + 320 + 1),
    10680,
)
verify(
    "the error of 20 layers, predicted from a list of 193 numbers",
    np.linalg.norm(photo - rebuilt),
    np.sqrt(np.sum(sigma[20:] ** 2)),
    rtol=1e-10,
)

# %% [markdown]
r"""
By the end of this chapter you will be able to

- **see** a matrix as a map that moves a grid, and read its columns, its determinant, its rank and its eigenvectors off the picture,
- **decide** whether something is a vector space, a basis, a linear map, a norm or an inner product by testing it,
- **build** Gram–Schmidt, projections, least squares, Cholesky and power iteration in a few lines and match the library,
- **take apart** any matrix by its eigenvalues or its singular values, and know which of the two exists,
- **prove** that the picture above cannot be improved.

It builds on nothing but arithmetic and a few derivatives. All cells together run in half a minute.

The notation here is that of the whole book. Lower case letters $a,x,v$ are numbers or vectors, and vectors are columns; capitals $A,X,W$ are matrices; $a_{ij}$ stands in row $i$ and column $j$; $A^\top$ is the transpose, $\|x\|$ the Euclidean length, $\langle x,y\rangle=x^\top y$ the inner product, $e_i$ the $i$-th unit vector, $I$ the identity, $\lambda_i$ an eigenvalue, $\sigma_i$ a singular value.
"""

# %% [markdown]
r"""
## Lists, tables, blocks

(scalars-vectors-matrices-tensors)=
### How many indices does it take?

A *scalar* is one number, a *vector* $v\in\mathbb R^n$ a list of them, a *matrix* $A\in\mathbb R^{m\times n}$ a table with $m$ rows and $n$ columns, a *tensor of order $k$* a block $T\in\mathbb R^{d_1\times\dots\times d_k}$ whose numbers are addressed by $k$ indices. ("Order" is the safe word, since "rank" will soon mean something else.) An *algebra* is such a set of objects together with rules to calculate with them.
"""

# %%
zoo = {
    "scalar": 5,
    "vector": (1, 3, 5),
    "matrix": [[1, 2], [3, 4]],
    "tensor of order 3": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
    "colour photograph": colour_photo,
}
for order, (name, thing) in zip((0, 1, 2, 3, 3), zoo.items()):
    T = np.asarray(thing)
    verify(f"{name}: number of indices", T.ndim, order)
    verify(
        f"{name}: numbers in it, against the product of its shape",
        T.size,
        int(np.prod(T.shape)),
    )
verify("shape of the colour photograph", colour_photo.shape, (427, 640, 3))

# %% [markdown]
"""
A colour photograph is three matrices in a stack, one for each kind of light.
"""

# %% mystnb={"image": {"classes": "photo", "alt": "The colour photograph of the temple and its red, green and blue channels as three matrices shown in grey; the sky is brightest in the blue channel."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(6.8, 1.6))
for ax, image, title in zip(
    axes,
    (colour_photo, *np.moveaxis(colour_photo, 2, 0)),
    ("order 3", "red", "green", "blue"),
):
    ax.imshow(image[::3, ::3], cmap="gray")
    ax.set(title=title)
    ax.axis("off")
plt.show()

# %% [markdown]
r"""
(vector-and-matrix-addition)=
### Adding and scaling

Arrays of the same shape add entry by entry, $(A+B)_{ij}=a_{ij}+b_{ij}$, and a number multiplies every entry, $(\alpha A)_{ij}=\alpha a_{ij}$. Because this is arithmetic in every slot, it inherits the laws of numbers: both operations commute, associate and distribute. Drag $\alpha$: the tips of $a+\alpha b$ run along a straight line.
"""


# %% tags=["hide-input"]
def arrow(ax, v, colour, label="", start=(0, 0)):
    ax.quiver(
        *start,
        *v,
        angles="xy",
        scale_units="xy",
        scale=1,
        color=colour,
        width=0.008,
        zorder=3,
    )
    tip = np.add(start, v)
    ax.annotate(label, tip, textcoords="offset points", xytext=(5, 5), color=colour)


def add(alpha):
    a, b = np.array([2, 0.7]), np.array([-0.8, 0.9])
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    ax.plot(*(a[:, None] + b[:, None] * [-2, 3]), ":", color=plot.GREY)
    arrow(ax, a, plot.BLUE, "$a$")
    arrow(ax, b, plot.GREEN, "$b$")
    arrow(ax, alpha * b, plot.ORANGE, start=a)
    arrow(ax, a + alpha * b, plot.RED, r"$a+\alpha b$")
    ax.set(aspect="equal", xlim=(-3, 5), ylim=(-1.2, 3), xlabel="$x_1$", ylabel="$x_2$")
    return fig


explore(
    add,
    alt="Arrows a and b, and their combination a plus alpha b, whose tip stays on a dotted line",
    alpha=[2.0, 1.5, 1.0, 0.5, -0.5, -1.5],
)

# %%
rng = np.random.default_rng(0)
A, B, C = rng.normal(size=(3, 3, 4))
verify("(1,2) + (3,4)", np.add([1, 2], [3, 4]), [4, 6])
verify(
    "sum of two matrices",
    np.add([[1, 2], [3, 4]], [[5, 6], [7, 8]]),
    [[6, 8], [10, 12]],
)
verify("three times a matrix", 3 * np.array([[1, 2], [3, 4]]), [[3, 6], [9, 12]])
for law, left, right in (
    ("A + B = B + A", A + B, B + A),
    ("(A + B) + C = A + (B + C)", (A + B) + C, A + (B + C)),
    ("α(A + B) = αA + αB", 0.7 * (A + B), 0.7 * A + 0.7 * B),
):
    verify(f"{law} for random 3×4 matrices", left, right, atol=1e-12)

# %% [markdown]
r"""
(dot-product)=
### Multiplying

The *dot product* of two lists of equal length is the sum of the products, $a^\top b=\sum_ia_ib_i$. It is the atom of everything below: a neuron is a dot product and a kink. Never write the loop: it gives the same number, and the last line below shows what it costs.
"""

# %%
from timeit import repeat

a, b = rng.normal(size=(2, 1000))


def loop_dot(a, b):
    total = 0.0
    for x, y in zip(a, b):
        total += x * y
    return total


verify("(1,2) · (3,4)", np.dot([1, 2], [3, 4]), 11)
verify(
    "dot product of 1000 numbers: loop, np.dot, einsum",
    [loop_dot(a, b), np.dot(a, b)],
    [np.einsum("i,i", a, b)] * 2,
    atol=1e-12,
)
slow, fast = (
    min(repeat(lambda: f(a, b), number=50, repeat=5)) for f in (loop_dot, np.dot)
)
measured("1000 products, added up in a loop", slow / 50, ("np.dot", fast / 50))

# %% [markdown]
r"""
(matrix-vector-product)=
### Two ways to read a product

A matrix times a vector, $(Av)_i=\sum_ja_{ij}v_j$, can be read along the rows or down the columns:

$$
Av=\begin{pmatrix}a_{1,:}\cdot v\\\vdots\\a_{m,:}\cdot v\end{pmatrix}=v_1A_{:,1}+v_2A_{:,2}+\dots+v_nA_{:,n}
$$ (eq-la-columns)

By rows, $A$ asks $m$ questions about $v$. By columns, $v$ is a recipe that mixes the columns of $A$. The second reading is the one to get used to: the outputs of $A$ are the mixtures of its columns, and $Ae_j$ is column $j$.
"""

# %%
A, v = rng.normal(size=(4, 3)), rng.normal(size=3)
verify("[[1,2],[3,4]] (5,6)", np.array([[1, 2], [3, 4]]) @ [5, 6], [17, 39])
verify("the row view of Av", A @ v, [loop_dot(row, v) for row in A], atol=1e-12)
verify(
    "the column view of Av", A @ v, sum(v[j] * A[:, j] for j in range(3)), atol=1e-12
)

# %% [markdown]
r"""
(outer-product)=
The *outer product* $ab^\top$ is the table of all products $a_ib_j$. Each of its columns is a multiple of $a$, so it has *rank one* unless a factor is zero; and $(ab^\top)x=a\,(b^\top x)$ asks one question and answers in one direction. A matrix product is a sum of outer products, one for each inner index, $AB=\sum_kA_{:,k}B_{k,:}$. Our photograph will turn out to be such a sum, with the important terms first.

(identity-matrix)=
The *identity* $I_n$, ones on the diagonal and zeros elsewhere, changes nothing: $I_mA=A=AI_n$ for $A\in\mathbb R^{m\times n}$. Mind the two sizes.
"""

# %%
a, b, x = rng.normal(size=6), rng.normal(size=4), rng.normal(size=4)
verify("outer product of (1,2) and (3,4)", np.outer([1, 2], [3, 4]), [[3, 4], [6, 8]])
verify(
    "rank of a random 6×4 outer product", int(np.linalg.matrix_rank(np.outer(a, b))), 1
)
verify("(abᵀ)x = a(bᵀx)", np.outer(a, b) @ x, a * loop_dot(b, x), atol=1e-12)
verify(
    "the trace of xbᵀ is the dot product", np.trace(np.outer(x, b)), x @ b, atol=1e-12
)
A, B = rng.normal(size=(3, 5)), rng.normal(size=(5, 4))
verify(
    "AB as a sum of five outer products",
    sum(np.outer(A[:, k], B[k]) for k in range(5)),
    A @ B,
    atol=1e-12,
)
verify(
    "I₃A and AI₅ for a 3×5 matrix",
    np.array([np.eye(3) @ A, A @ np.eye(5)]),
    np.array([A, A]),
    atol=0,
)


# %%
def refuses(f):
    try:
        f()
    except ValueError:
        return True
    return False


verify("I₅A for a 3×5 matrix is refused", refuses(lambda: np.eye(5) @ A), True)

# %% [markdown]
r"""
(transpose-rules)=
### Turning a table on its side

The *transpose* swaps rows and columns, $(A^\top)_{ij}=a_{ji}$. Twice is nothing, $(A^\top)^\top=A$; sums go through, $(A+B)^\top=A^\top+B^\top$; and products turn around, because entry $(i,j)$ of the left side is entry $(j,i)$ of $AB$:

$$
(AB)^\top_{ij}=\sum_ka_{jk}b_{ki}=\sum_k(B^\top)_{ik}(A^\top)_{kj}=(B^\top A^\top)_{ij}
$$ (eq-la-transpose)

:::{admonition} A transpose that lost its bracket
:class: correction
**The notes say** that $AB^\top=B^\top A^\top$.

**Right is:** $(AB)^\top=B^\top A^\top$. Without the bracket the shapes do not even match in general, and for square matrices the two sides differ.
:::
"""

# %%
A, B, C = rng.normal(size=(3, 4)), rng.normal(size=(4, 5)), rng.normal(size=(3, 4))
verify("transpose of [[1,2],[3,4]]", np.array([[1, 2], [3, 4]]).T, [[1, 3], [2, 4]])
verify("(A + C)ᵀ = Aᵀ + Cᵀ", (A + C).T, A.T + C.T, atol=1e-12)
verify("(AB)ᵀ = BᵀAᵀ for 3×4 times 4×5", (A @ B).T, B.T @ A.T, atol=1e-12)
verify("AᵀBᵀ is refused: the shapes do not match", refuses(lambda: A.T @ B.T), True)
A, B = rng.normal(size=(2, 4, 4))
verify_at_least(
    "distance of ABᵀ from BᵀAᵀ for random 4×4", np.linalg.norm(A @ B.T - B.T @ A.T), 1.0
)

# %% [markdown]
r"""
(symmetric-matrix)=
A matrix is *symmetric* if $A=A^\top$. Sums and multiples of symmetric matrices are symmetric; a product need not be, since $(AB)^\top=BA$, so it is exactly when $AB=BA$. Every square matrix splits into a symmetric and an antisymmetric part, and in $x^\top Ax$ the second one is invisible: $x^\top Kx$ is a number, equal to its transpose $x^\top K^\top x=-x^\top Kx$, hence zero.

$$
A=\tfrac12(A+A^\top)+\tfrac12(A-A^\top),\qquad x^\top Ax=x^\top\,\tfrac12(A+A^\top)\,x
$$ (eq-la-symmetric)
"""

# %%
x, S, K = rng.normal(size=4), (A + A.T) / 2, (A - A.T) / 2
verify("S = Sᵀ and K = −Kᵀ", np.array([S, K]), np.array([S.T, -K.T]), atol=1e-15)
verify("S + K = A", S + K, A, atol=1e-12)
verify("xᵀAx sees only the symmetric part", x @ A @ x, x @ S @ x, atol=1e-12)
P, Q = np.array([[1, 0], [0, 2]]), np.array([[0, 1], [1, 0]])
verify("two symmetric matrices whose product is not symmetric", P @ Q, [[0, 1], [2, 0]])
verify(
    "a symmetric matrix and its square commute, and their product is symmetric",
    S @ (S @ S),
    (S @ (S @ S)).T,
    atol=1e-12,
)

# %% [markdown]
r"""
(trace)=
### One number from a table

The *trace* $\operatorname{tr}A=\sum_ia_{ii}$ of a square matrix is linear, does not notice a transpose, and lets factors go around in a circle:

$$
\operatorname{tr}(AB)=\sum_i\sum_ka_{ik}b_{ki}=\sum_k\sum_ib_{ki}a_{ik}=\operatorname{tr}(BA)
$$ (eq-la-trace)

hence $\operatorname{tr}(ABC)=\operatorname{tr}(BCA)=\operatorname{tr}(CAB)$. Around in a circle, not in any order: $\operatorname{tr}(ACB)$ is another number.
"""

# %%
A, B, C = rng.normal(size=(3, 4)), rng.normal(size=(4, 5)), rng.normal(size=(5, 3))
verify("trace of [[1,2],[3,4]]", np.trace([[1, 2], [3, 4]]), 5)
verify(
    "tr(ABC), tr(BCA), tr(CAB), against the triple sum",
    [np.trace(A @ B @ C), np.trace(B @ C @ A), np.trace(C @ A @ B)],
    [np.einsum("ij,jk,ki", A, B, C)] * 3,
    atol=1e-12,
)
A, B, C = rng.normal(size=(3, 4, 4))
verify(
    "tr(A + 2B) = tr A + 2 tr B, and tr Aᵀ = tr A",
    [np.trace(A + 2 * B), np.trace(A.T)],
    [A.trace() + 2 * B.trace(), A.trace()],
    atol=1e-12,
)
verify_at_least(
    "|tr(ABC) − tr(ACB)|: not every order",
    abs(np.trace(A @ B @ C) - np.trace(A @ C @ B)),
    0.1,
)

# %% [markdown]
r"""
(trace-inner-product-identities)=
The trace turns dot products into matrices, and that is how expectations are done. A number is its own trace, so $v^\top w=\operatorname{tr}(v^\top w)=\operatorname{tr}(wv^\top)$; likewise $\sum_{ij}a_{ij}b_{ij}=\operatorname{tr}(A^\top B)=:\langle A,B\rangle$. And since the trace is a sum, $\mathbb E\operatorname{tr}X=\operatorname{tr}\mathbb EX$. For a random $x$ with mean $\mu$ and covariance $\Sigma$:

$$
\mathbb E[x^\top Ax]=\mathbb E\operatorname{tr}(Axx^\top)=\operatorname{tr}\bigl(A\,\mathbb E[xx^\top]\bigr)=\operatorname{tr}\bigl(A(\Sigma+\mu\mu^\top)\bigr)=\operatorname{tr}(A\Sigma)+\mu^\top A\mu
$$ (eq-la-quadratic-mean)
"""

# %%
v, w = rng.normal(size=(2, 5))
verify(
    "vᵀw = tr(vwᵀ) = tr(wvᵀ)",
    [np.trace(np.outer(v, w)), np.trace(np.outer(w, v))],
    [v @ w] * 2,
    atol=1e-12,
)
verify(
    "tr(AᵀB) is the sum of the products of entries",
    np.trace(A.T @ B),
    np.sum(A * B),
    atol=1e-12,
)
A, F, mu = rng.normal(size=(3, 3)), rng.normal(size=(3, 3)), np.array([1.0, -2.0, 0.5])
x = mu + rng.normal(size=(1_000_000, 3)) @ F.T  # covariance F Fᵀ
verify_within_se(
    "E[xᵀAx] = tr(AΣ) + μᵀAμ, a million Gaussian draws",
    np.sum((x @ A) * x, axis=1),
    np.trace(A @ F @ F.T) + mu @ A @ mu,
)

# %% [markdown]
r"""
## Can it be undone?

(linear-system)=
### Three pictures of two equations

$Ax=b$ packs $m$ equations in $n$ unknowns into three letters. By rows each equation is a line (a plane, a hyperplane) and a solution is a point on all of them. Two lines can cross, run side by side, or coincide:
"""

# %% mystnb={"image": {"alt": "Three panels with two lines each: crossing lines with one common point, parallel lines with none, coinciding lines with infinitely many."}} tags=["hide-input"]
pairs = {
    "one solution": ([[1, 1], [1, -1]], [3, 1]),
    "none": ([[1, 1], [1, 1]], [3, 1]),
    "a line of them": ([[1, 1], [2, 2]], [3, 6]),
}
fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.5), sharey=True)
for ax, (name, (A, b)) in zip(axes, pairs.items()):
    x = np.array([-0.5, 3.5])
    for row, right, colour, width in zip(A, b, (plot.BLUE, plot.RED), (4, 1.8)):
        ax.plot(x, (right - row[0] * x) / row[1], color=colour, lw=width)
    ax.set(title=name, xlabel="$x_1$", ylim=(-1.5, 4))
axes[0].set_ylabel("$x_2$")
plt.show()

# %% [markdown]
r"""
Nothing else can happen, in any dimension. If $x_p$ is one solution and $y$ another, then $A(y-x_p)=0$; so all solutions together are $x_p+\ker A$, where $\ker A=\{x:Ax=0\}$ is the *null space*. For square $A$ with an inverse that set is one point, $A^{-1}b$, and one computes it by elimination (`solve`), never by inverting.

:::{admonition} Solvable does not mean invertible
:class: correction
**The notes say** that for square $A$ the solution, if it exists, is $A^{-1}b$.

**Right is:** a solution may exist although $A$ has no inverse. With $A=\operatorname{diag}(1,0)$ and $b=(1,0)$ every $(1,t)$ is a solution. The formula needs $A$ invertible.
:::
"""

# %%
A, b = np.diag([1, 0]), np.array([1, 0])
verify(
    "diag(1,0)·(1,t) = (1,0) for t = −3, 0, 7",
    np.array([A @ [1, t] for t in (-3, 0, 7)]),
    np.array([b] * 3),
)
verify("diag(1,0) has rank 1, so no inverse", int(np.linalg.matrix_rank(A)), 1)
A, b = rng.normal(size=(50, 50)), rng.normal(size=50)
verify(
    "solve on a random 50×50 system: residual",
    A @ np.linalg.solve(A, b) - b,
    np.zeros(50),
    atol=1e-10,
)
A, b = rng.normal(size=(2, 4)), rng.normal(size=2)
solutions = np.linalg.lstsq(A, b, rcond=None)[0][:, None] + linalg.null_space(
    A
) @ rng.normal(size=(2, 100))
verify(
    "two equations, four unknowns: 100 members of x + ker A solve it",
    A @ solutions,
    np.tile(b[:, None], 100),
    atol=1e-10,
)

# %% [markdown]
r"""
(matrix-inverse)=
The *inverse* of a square $A$ is the matrix with $AA^{-1}=A^{-1}A=I$. There is at most one: if $XA=I=AY$ then $X=XAY=Y$. To undo "first $B$, then $A$" undo $A$ first, $(AB)^{-1}=B^{-1}A^{-1}$; and transposing $AA^{-1}=I$ gives $(A^{-1})^\top=(A^\top)^{-1}=:A^{-\top}$. Sums obey no such rule, which is to say not in general: for $A=I$ and the rotation $B$ by 120° the sum rule happens to hold.

(inverse-2x2-formula)=
For two by two, multiply out and see the off-diagonal entries cancel:

$$
\begin{pmatrix}a&b\\c&d\end{pmatrix}\begin{pmatrix}d&-b\\-c&a\end{pmatrix}=(ad-bc)\begin{pmatrix}1&0\\0&1\end{pmatrix}
\quad\Longrightarrow\quad
\begin{pmatrix}a&b\\c&d\end{pmatrix}^{-1}=\frac1{ad-bc}\begin{pmatrix}d&-b\\-c&a\end{pmatrix}
$$ (eq-la-inverse)

whenever $ad\ne bc$.
"""

# %%
inv = np.linalg.inv
A, B = rng.normal(size=(2, 5, 5))
turn = lambda angle: np.array(
    [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
)
verify(
    "inverse of [[4,7],[2,6]]",
    inv([[4, 7], [2, 6]]),
    np.array([[6, -7], [-2, 4]]) / 10,
    atol=1e-12,
)
verify("(AB)⁻¹ = B⁻¹A⁻¹", inv(A @ B), inv(B) @ inv(A), rtol=1e-9, atol=1e-9)
verify("(A⁻¹)ᵀ = (Aᵀ)⁻¹", inv(A).T, inv(A.T), rtol=1e-9, atol=1e-9)
verify_at_least(
    "distance of (A+B)⁻¹ from A⁻¹+B⁻¹, random A and B",
    np.linalg.norm(inv(A + B) - inv(A) - inv(B)),
    0.1,
)
R = turn(2 * np.pi / 3)
verify(
    "(I+B)⁻¹ = I+B⁻¹ when B is a turn by 120°",
    inv(np.eye(2) + R),
    np.eye(2) + inv(R),
    atol=1e-12,
)


# %%
def inverse_2x2(A):
    (a, b), (c, d) = A
    return np.array([[d, -b], [-c, a]]) / (a * d - b * c)


symbols = sp.Matrix(2, 2, sp.symbols("a b c d"))
verify(
    "A·A⁻¹ with letters",
    str(sp.simplify(symbols * sp.Matrix(inverse_2x2(symbols.tolist())))),
    "Matrix([[1, 0], [0, 1]])",
)
many = rng.normal(size=(1000, 2, 2))
gaps = [np.linalg.norm(inverse_2x2(A) - inv(A)) / np.linalg.norm(inv(A)) for A in many]
verify_at_most(
    "1000 random 2×2 inverses: largest relative gap to the library", max(gaps), 1e-8
)

# %% [markdown]
r"""
(determinant)=
### By how much does it stretch area?

What is this $ad-bc$ that must not vanish? The matrix sends the unit square to the parallelogram with corners $0,\ (a,c),\ (a+b,c+d),\ (b,d)$. Go around it and add up $\frac12(x_iy_{i+1}-x_{i+1}y_i)$, the shoelace formula for the area. The two edges at the origin give nothing, the other two

$$
\tfrac12\bigl[a(c+d)-(a+b)c\bigr]+\tfrac12\bigl[(a+b)d-b(c+d)\bigr]=ad-bc .
$$ (eq-la-area)

So $ad-bc$ is the factor by which areas grow, negative when the square has been turned over.

:::{prf:definition} Determinant
:label: def-la-determinant
$\det A$ is the factor by which $x\mapsto Ax$ multiplies volumes, with a minus sign if it mirrors. Therefore $\det(AB)=\det A\,\det B$, $\det(\alpha A)=\alpha^n\det A$ for $n\times n$; moreover $\det A^\top=\det A$; and $A$ is invertible if and only if $\det A\neq0$.
:::

Move $d$ and watch the square lose its area at $d=\frac12$, and on the right what the inverse does there.
"""


# %% tags=["hide-input"]
def shoelace(corners):
    x, y = np.asarray(corners).T
    return 0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)


square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])


def squash(d):
    A = np.array([[2, 1], [1, d]])
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
    colour = plot.BLUE if np.linalg.det(A) > 0 else plot.RED
    left.fill(*(A @ square.T), color=colour, alpha=0.3)
    left.fill(*square.T, color=plot.GREY, alpha=0.3)
    arrow(left, A[:, 0], plot.GREEN, "$Ae_1$")
    arrow(left, A[:, 1], plot.ORANGE, "$Ae_2$")
    left.set(
        aspect="equal",
        xlim=(-0.6, 3.8),
        ylim=(-1.2, 3.4),
        title=f"det = {np.linalg.det(A):.1f}".replace("-", "−"),
    )
    for ds, branch in (
        (np.linspace(-1, 0.49, 200), plot.RED),
        (np.linspace(0.51, 2, 200), plot.BLUE),
    ):
        right.plot(ds, 2 / abs(2 * ds - 1), color=branch)
    right.plot(d, 2 / abs(2 * d - 1), "o", ms=10, color=colour)
    right.set(xlabel="$d$", title="largest entry of the inverse", ylim=(0, 22))
    return fig


explore(
    squash,
    alt="Left the unit square and its image, which flattens and turns over as d falls; right the largest entry of the inverse, which blows up where the area vanishes",
    d=[2.0, 1.5, 1.0, 0.75, 0.6, 0.4, 0.0, -1.0],
)

# %%
verify("det [[1,2],[3,4]]", np.linalg.det([[1, 2], [3, 4]]), -2.0, rtol=1e-12)
images = many[:100] @ square.T  # (100, 2, 4)
verify(
    "signed area of the image of the unit square, 100 random matrices",
    [shoelace(P.T) for P in images],
    np.linalg.det(many[:100]),
    atol=1e-12,
)
A, B = rng.normal(size=(2, 5, 5))
det = np.linalg.det
verify(
    "det AB, det Aᵀ and det 2A for 5×5",
    [det(A @ B), det(A.T), det(2 * A)],
    [det(A) * det(B), det(A), 32 * det(A)],
    rtol=1e-10,
)
five = (
    np.diag([1.0, 0]),
    np.ones((3, 3)),
    np.arange(9.0).reshape(3, 3),
    np.eye(3),
    np.array([[4.0, 7], [2, 6]]),
)
verify(
    "five matrices: det A = 0 exactly when the rank is below n",
    [int(abs(det(A)) < 1e-12) for A in five],
    [int(np.linalg.matrix_rank(A) < len(A)) for A in five],
)

# %% [markdown]
r"""
(cofactor-expansion)=
For a third row, expand along the first: strike out row 1 and column $j$, take the determinant $\det A_{(1j)}$ of what is left, and add up with alternating signs,

$$
\det A=\sum_{j=1}^n(-1)^{1+j}a_{1j}\det A_{(1j)},\qquad
\begin{vmatrix}a&b&c\\d&e&f\\g&h&i\end{vmatrix}=a\begin{vmatrix}e&f\\h&i\end{vmatrix}-b\begin{vmatrix}d&f\\g&i\end{vmatrix}+c\begin{vmatrix}d&e\\g&h\end{vmatrix}
$$ (eq-la-cofactor)

with $ad-bc$ for two by two. Nice on paper and hopeless on a computer: count the multiplications.
"""


# %%
def cofactor_det(A):
    """The determinant and the number of multiplications it took."""
    if len(A) == 1:
        return A[0, 0], 0
    value, count = 0.0, 0
    for j in range(len(A)):
        minor, used = cofactor_det(np.delete(A[1:], j, axis=1))
        value, count = value + (-1) ** j * A[0, j] * minor, count + used + 1
    return value, count


for n in range(2, 7):
    A = rng.normal(size=(n, n))
    value, count = cofactor_det(A)
    verify(f"{n}×{n} by cofactors, {count} multiplications", value, det(A), rtol=1e-9)
verify_at_least(
    "6×6: multiplications of cofactors over the n³/3 of elimination",
    count / (6**3 / 3),
    17.0,
)

# %% [markdown]
r"""
## What is a vector?

An arrow? A column? A photograph can be added to another and made twice as bright. So can a melody, and a polynomial. Linear algebra works for all of them at once, because it only ever uses a short list of rules.

(group)=
The first rules concern addition alone. A *group* is a set with an operation that never leaves it, is associative, has a neutral element and undoes every element; it is *Abelian* if also the order does not matter. Rules are there to be tested, so let us try all cases.
"""

# %%
from itertools import combinations, permutations, product


def group_verdict(E, op, inside=None):
    inside = inside or (lambda x: x in E)
    if not all(inside(op(a, b)) for a, b in product(E, E)):
        return "not closed"
    if not all(op(op(a, b), c) == op(a, op(b, c)) for a, b, c in product(E, E, E)):
        return "not associative"
    neutral = [e for e in E if all(op(e, a) == a == op(a, e) for a in E)]
    if not neutral:
        return "no neutral element"
    if not all(any(op(a, b) == neutral[0] for b in E) for a in E):
        return "lacks inverses"
    abelian = all(op(a, b) == op(b, a) for a, b in product(E, E))
    return "Abelian group" if abelian else "group, not Abelian"


# %%
shuffles = list(permutations(range(3)))
cases = {
    "{0,…,4} with + modulo 5": (
        range(5),
        lambda a, b: (a + b) % 5,
        None,
        "Abelian group",
    ),
    "{1,…,4} with × modulo 5": (
        range(1, 5),
        lambda a, b: a * b % 5,
        None,
        "Abelian group",
    ),
    "{1,…,5} with × modulo 6": (
        range(1, 6),
        lambda a, b: a * b % 6,
        None,
        "not closed",
    ),
    "the shuffles of three things": (
        shuffles,
        lambda a, b: tuple(a[i] for i in b),
        None,
        "group, not Abelian",
    ),
    "0, 1, 2, … with +": (
        range(7),
        lambda a, b: a + b,
        lambda x: x >= 0,
        "lacks inverses",
    ),
}
for name, (E, op, inside, expected) in cases.items():
    verify(
        f"{name}: what kind of structure", group_verdict(list(E), op, inside), expected
    )

# %% [markdown]
r"""
(vector-space)=
### The rules

:::{prf:definition} Vector space
:label: def-la-vector-space
A set $V$ with an addition $+:V\times V\to V$ and a scaling $\cdot:\mathbb R\times V\to V$ is a *vector space*, and its elements are *vectors*, if $(V,+)$ is an Abelian group and for all numbers $a,b$ and vectors $u,v$

$$
1v=v,\qquad(ab)v=a(bv),\qquad a(u+v)=au+av,\qquad(a+b)v=av+bv .
$$ (eq-la-axioms)
:::

The definition does not say what vectors *are*. Matrices of one shape qualify: the inverse that is asked for is the additive one, $-A$, which the zero matrix has as well as any other. The tester below draws 200 random triples and returns the first rule that breaks.
"""


# %%
def broken_rule(
    sample, inside=lambda v: True, scale=lambda a, v: a * v, look=lambda v: v, seed=0
):
    """The first violated rule of a vector space, or "none"; look turns a vector into an array."""
    rng = np.random.default_rng(seed)
    same = lambda u, v: np.allclose(look(u), look(v), rtol=1e-12, atol=1e-12)
    for _ in range(200):
        (u, v, w), (a, b) = (sample(rng) for _ in range(3)), rng.normal(size=2)
        rules = {
            "u + v stays inside": inside(u + v),
            "additive inverse": inside(-u) and same(u + (-u), 0 * u),
            "zero": inside(0 * u) and same(u + 0 * u, u),
            "av stays inside": inside(scale(a, v)),
            "u + v = v + u": same(u + v, v + u),
            "associative": same((u + v) + w, u + (v + w)),
            "1v = v": same(scale(1, v), v),
            "(ab)v = a(bv)": same(scale(a * b, v), scale(a, scale(b, v))),
            "a(u + v) = au + av": same(scale(a, u + v), scale(a, u) + scale(a, v)),
            "(a + b)v = av + bv": same(scale(a + b, v), scale(a, v) + scale(b, v)),
        }
        for rule, holds in rules.items():
            if not holds:
                return rule
    return "none"


# %% [markdown]
r"""
Four spaces and three impostors:

:::{admonition} Addition takes two vectors
:class: correction
**The notes say** that addition is a map $+:V\to V$.

**Right is:** it takes a pair, $+:V\times V\to V$. That the sum lies in $V$ again is part of this typing, and it is the first thing that goes wrong for a sphere.
:::
"""

# %%
Poly, grid = np.polynomial.Polynomial, np.linspace(-1, 1, 50)
on_sphere = lambda rng: (lambda x: x / np.linalg.norm(x))(rng.normal(size=3))
candidates = {
    "R⁵": (dict(sample=lambda rng: rng.normal(size=5)), "none"),
    "2×3 matrices": (dict(sample=lambda rng: rng.normal(size=(2, 3))), "none"),
    "polynomials of degree ≤ 3": (
        dict(
            sample=lambda rng: Poly(rng.normal(size=4)),
            inside=lambda p: p.degree() <= 3,
            look=lambda p: p(grid),
        ),
        "none",
    ),
    "functions on a grid": (
        dict(sample=lambda rng: np.sin(rng.normal() * grid) + rng.normal()),
        "none",
    ),
    "unit sphere": (
        dict(sample=on_sphere, inside=lambda x: abs(np.linalg.norm(x) - 1) < 1e-9),
        "u + v stays inside",
    ),
    "vectors without negative entries": (
        dict(sample=lambda rng: rng.uniform(0, 1, 3), inside=lambda x: np.all(x >= 0)),
        "additive inverse",
    ),
    "R² with a(x,y) = (ax,y)": (
        dict(
            sample=lambda rng: rng.normal(size=2),
            scale=lambda a, v: v * np.array([a, 1]),
        ),
        "(a + b)v = av + bv",
    ),
}
for name, (space, expected) in candidates.items():
    verify(f"{name}: broken rule of a vector space", broken_rule(**space), expected)
zero = np.zeros((2, 2))
verify(
    "the zero matrix has no matrix inverse (rank 0), yet −0 + 0 = 0",
    (int(np.linalg.matrix_rank(zero)), bool(np.all(-zero + zero == 0))),
    (0, True),
)

# %% [markdown]
r"""
The last candidate obeys every rule but one, and one is enough.

(coordinate-space-rn)=
The standard example is $\mathbb R^n=\{(x_1,\dots,x_n):x_j\in\mathbb R\}$ with zero $(0,\dots,0)$ and negatives $(-x_1,\dots,-x_n)$. On a computer the numbers are rounded, and one rule bends: addition stays exactly commutative but is associative only up to the last digit.

(function-space)=
### Functions are vectors

Take any non-empty set $S$ and all functions $f:S\to\mathbb R$. Define sums and multiples point by point,

$$
(f+g)(x)=f(x)+g(x),\qquad(\lambda f)(x)=\lambda\,f(x),
$$ (eq-la-functions)

and all rules are inherited from numbers. The zero vector is the function that is 0 everywhere; whether $S$ itself has a zero, or an addition, plays no role. $S$ may consist of words.
"""


# %%
class Fn:
    def __init__(self, rule):
        self.rule = rule

    def __call__(self, x):
        return self.rule(x)

    def __add__(self, other):
        return Fn(lambda x: self(x) + other(x))

    def __rmul__(self, a):
        return Fn(lambda x: a * self(x))


f, g, x = Fn(np.sin), Fn(np.exp), np.random.default_rng(1).normal(size=1000)
verify(
    "(f + 3g)(x) at 1000 points", (f + 3 * g)(x), np.sin(x) + 3 * np.exp(x), rtol=1e-12
)
verify("f + (−1)f is the zero function", (f + (-1) * f)(x), np.zeros(1000), atol=0)
length = Fn(len) + 2 * Fn(lambda word: word.count("a"))
verify(
    "functions of words add just as well", [length("algebra"), length("map")], [11, 5]
)
verify(
    "(0.1 + 0.2) + 0.3 differs from 0.1 + (0.2 + 0.3) in the last digit",
    bool((0.1 + 0.2) + 0.3 != 0.1 + (0.2 + 0.3)),
    True,
)
verify("0.1 + 0.2 = 0.2 + 0.1 exactly", bool(0.1 + 0.2 == 0.2 + 0.1), True)

# %% [markdown]
r"""
A first surprise of a function space: mix a sine and a cosine in any proportion, and out comes again a wave, only shifted, with amplitude $\sqrt{a^2+b^2}$, as if $\sin$ and $\cos$ were arrows at a right angle. [They are](#function-inner-product).
"""


# %% tags=["hide-input"]
def mix(a, b):
    t = np.linspace(0, 4 * np.pi, 300)
    fig, ax = plt.subplots(figsize=(6.8, 3))
    ax.plot(t, np.sin(t), color=plot.BLUE, lw=1, label="sin")
    ax.plot(t, np.cos(t), color=plot.GREEN, lw=1, label="cos")
    ax.plot(t, a * np.sin(t) + b * np.cos(t), color=plot.RED, label="a sin + b cos")
    for sign in (-1, 1):
        ax.axhline(sign * np.hypot(a, b), color=plot.GREY, ls=":")
    ax.set(xlabel="$x$", ylim=(-3.9, 3.9), title=f"amplitude {np.hypot(a, b):.2f}")
    ax.legend(ncols=3, loc="upper center")
    return fig


explore(
    mix,
    alt="Sine, cosine and their combination: a shifted wave whose height is the root of a squared plus b squared",
    a=[2.0, 1.0, 0.0],
    b=[1.5, 0.0, -1.0],
)

# %%
t = np.linspace(0, 2 * np.pi, 100_001)
verify(
    "largest value of 3 sin + 4 cos",
    np.max(3 * np.sin(t) + 4 * np.cos(t)),
    5.0,
    rtol=1e-8,
)

# %% [markdown]
r"""
(surface-is-not-a-vector-space)=
A sphere breaks the very first rule: the midpoint of two of its points lies inside the ball. Living on a curved surface takes differential geometry. But temperature and pressure *on* the sphere are functions, and those may be added: the third globe is a combination of the first two.

:::{admonition} The set is the space
:class: correction
**The notes say** that every function defined in this way is a vector space.

**Right is:** the set of all functions on the surface is a vector space; each function is one vector of it.
:::
"""

# %%
rng = np.random.default_rng(2)
points = rng.normal(size=(500, 3))
points /= np.linalg.norm(points, axis=1, keepdims=True)
triangles = spatial.ConvexHull(points).simplices
i, j = np.array([rng.choice(500, 2, replace=False) for _ in range(1000)]).T
verify_at_most(
    "norm of 1000 midpoints of points of the unit sphere",
    np.linalg.norm((points[i] + points[j]) / 2, axis=1),
    1 - 1e-6,
)
f, g = np.sin(3 * points[:, 0]), points[:, 2] ** 2
on_globe = dict(
    sample=lambda rng: rng.normal() * f + rng.normal() * g + rng.normal(size=500),
    inside=lambda h: h.shape == (500,),
)
verify(
    "functions on the sphere: broken rule of a vector space",
    broken_rule(**on_globe),
    "none",
)

# %% mystnb={"image": {"alt": "Three coloured globes: a field f in vertical stripes, a field g with bright poles, and the combination 2f minus 3g, which shows both patterns."}} tags=["hide-input"]
fig = plt.figure(figsize=(6.8, 2.6))
for k, (values, title) in enumerate(
    ((f, "$f$"), (g, "$g$"), (2 * f - 3 * g, "$2f-3g$"))
):
    ax = fig.add_subplot(1, 3, k + 1, projection="3d")
    skin = ax.plot_trisurf(*points.T, triangles=triangles, cmap="cividis")
    skin.set_array(values[triangles].mean(1))
    ax.set_title(title)
    ax.set_box_aspect((1, 1, 1), zoom=1.4)
    ax.view_init(20, -50)
    ax.set_axis_off()
plt.show()

# %% [markdown]
r"""
(vector-subspace)=
A *subspace* is a part of a vector space that is one itself. One need not test all rules again: if $U\subseteq V$ contains 0 and is closed under addition and scaling, it inherits the rest. So a subspace is flat, goes through the origin, and never ends. Lists of candidates and their downfall:
"""


# %%
def leaves(inside, sample, seed=3):
    """Two members and a number whose combination leaves the set; None if no such is found."""
    rng = np.random.default_rng(seed)
    for _ in range(500):
        u, v, a = sample(rng), sample(rng), rng.normal()
        if not (inside(np.zeros(2)) and inside(u + v) and inside(a * u)):
            return np.round(u, 2), np.round(v, 2), round(a, 2)


near = lambda value: abs(value) < 1e-9
plane_sets = {
    "line through 0": (
        lambda x: near(x[1] - 2 * x[0]),
        lambda rng: rng.normal() * np.array([1, 2]),
        True,
    ),
    "shifted line": (
        lambda x: near(x[1] - 2 * x[0] - 1),
        lambda rng: np.array([0, 1]) + rng.normal() * np.array([1, 2]),
        False,
    ),
    "unit disc": (
        lambda x: x @ x <= 1,
        lambda rng: rng.uniform(0, 1) * turn(rng.uniform(0, 7))[0],
        False,
    ),
    "union of the two axes": (
        lambda x: near(x[0] * x[1]),
        lambda rng: rng.normal() * np.eye(2)[rng.integers(2)],
        False,
    ),
}
for name, (inside, sample, expected) in plane_sets.items():
    found = leaves(inside, sample)
    verify(f"{name}: a subspace", found is None, expected)
    if found:
        print(
            "   counterexample: u = ({:.2f}, {:.2f}), v = ({:.2f}, {:.2f}), a = {:.2f}".format(
                *found[0], *found[1], found[2]
            )
        )

# %% [markdown]
r"""
## How many vectors does it take?

(span)=
### What can be reached

A *linear combination* of $v_1,\dots,v_k$ is $\sum_ia_iv_i$; with all $a_i=0$ it is the trivial one, 0. All of them together are the *span*, the smallest subspace that contains the $v_i$. If the span is all of $V$, the family *generates* $V$.

Two arrows in the plane: how much can they reach? Left the pair $(1,2),(3,5.07)$, right the pair $(1,2),(2,4)$. The arrows look alike. The dots, their whole-number combinations, do not: the left ones fill the plane, the right ones never leave a line.
"""

# %% tags=["hide-input"]
wide, flat = np.array([[1, 3], [2, 5.07]]), np.array([[1, 2], [2, 4.0]])
whole = np.array(np.meshgrid(np.arange(-60, 61), np.arange(-60, 61))).reshape(2, -1)


def reach(a_1, a_2):
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.5))
    for ax, X, name in zip(axes, (wide, flat), ("independent", "collinear")):
        dots = X @ whole
        ax.plot(*dots[:, np.max(abs(dots), axis=0) < 6.1], ".", ms=4, color=plot.SKY)
        arrow(ax, a_1 * X[:, 0], plot.BLUE)
        arrow(ax, a_2 * X[:, 1], plot.GREEN, start=a_1 * X[:, 0])
        ax.plot(*(X @ [a_1, a_2]), "o", ms=10, color=plot.RED)
        ax.set(
            title=name,
            xlim=(-6.2, 6.2),
            ylim=(-6.2, 6.2),
            aspect="equal",
            xlabel="$x_1$",
        )
    axes[0].set_ylabel("$x_2$")
    return fig


explore(
    reach,
    alt="Combinations of two arrows. Left, of two nearly parallel arrows: a lattice of dots over the whole plane. Right, of two collinear arrows: all dots on one line.",
    a_1=[-2.0, -1.0, 1.0],
    a_2=[1.0, 0.5, -0.5],
)

# %% [markdown]
r"""
The test for membership is a rank, or a residual: $v$ lies in the span of the columns of $X$ exactly when appending it adds no new direction, $\operatorname{rk}[X\ v]=\operatorname{rk}X$. From the collinear pair the point $(1,0)$ stays $2/\sqrt5$ away, its distance from the line.
"""

# %%
rank = lambda *blocks: int(np.linalg.matrix_rank(np.column_stack(blocks)))
gap = lambda X, v: np.linalg.norm(X @ np.linalg.lstsq(X, v, rcond=None)[0] - v)
targets = np.random.default_rng(4).normal(size=(100, 2))
verify(
    "(1,2), (3,5.07): distance of 100 targets from the span",
    [gap(wide, v) for v in targets],
    np.zeros(100),
    atol=1e-12,
)
verify(
    "(1,2), (2,4): distance of (1,0) from the span",
    gap(flat, np.array([1.0, 0])),
    2 / np.sqrt(5),
    rtol=1e-12,
)
verify(
    "ranks of the pairs (1,2), (3,5.07) and (1,2), (2,4)",
    [rank(wide), rank(flat)],
    [2, 1],
)
X = np.array([[1, 0], [2, 1], [0, 1.0]])
verify(
    "R³: 2v₁ − v₂ is in the span, e₃ is not",
    [rank(X, X @ [2, -1]), rank(X, [0, 0, 1])],
    [2, 3],
)

# %% mystnb={"image": {"alt": "A plane in space spanned by two arrows, with dots on it that are combinations of the arrows, and one dot above it that is not."}} tags=["hide-input"]
fig = plt.figure(figsize=(6.8, 3.2))
ax = fig.add_subplot(projection="3d")
c = np.random.default_rng(5).uniform(-1.3, 1.3, (2, 25))
s, t = np.meshgrid([-1.4, 1.4], [-1.4, 1.4])
ax.plot_surface(*(X[:, :1, None] * s + X[:, 1:, None] * t), color=plot.SKY, alpha=0.35)
ax.plot(*(X @ c), ".", color=plot.BLUE)
for v, colour in zip(X.T, (plot.GREEN, plot.ORANGE)):
    ax.quiver(0, 0, 0, *v, color=colour, lw=2.5)
ax.plot([0], [0], [2], "o", ms=10, color=plot.RED)
ax.set(xlabel="$x_1$", ylabel="$x_2$", zlabel="$x_3$", box_aspect=(1.5, 1.5, 1))
ax.view_init(28, -72)
plt.show()

# %% [markdown]
r"""
(linear-independence)=
### When is one of them superfluous?

:::{prf:definition} Linear independence
:label: def-la-independence
$v_1,\dots,v_k$ are *linearly independent* if $\sum_i\alpha_iv_i=0$ forces all $\alpha_i=0$.
:::

The same in other words, with $X$ the matrix whose columns are the $v_i$: no $v_i$ is a combination of the others; $X$ has only 0 in its null space and full column rank; the Gram determinant $\det X^\top X$ is not zero; and every vector of the span has *exactly one* representation. The last because two representations differ by a combination of 0, and only the trivial one is there. From a dependent family one may drop a suitable vector and lose nothing.
"""

# %%
rng = np.random.default_rng(6)
X = rng.normal(size=(3, 4))
null = linalg.null_space(X)[:, 0]
v = rng.normal(size=3)
alpha = np.linalg.lstsq(X, v, rcond=None)[0]
verify(
    "four vectors of R³: a non-trivial combination of length 1 is 0",
    X @ null,
    np.zeros(3),
    atol=1e-12,
)
verify(
    "four vectors of R³: two representations of one vector",
    np.array([X @ alpha, X @ (alpha + null)]),
    np.array([v, v]),
    atol=1e-12,
)
verify(
    "three random vectors of R³: rank, and dimension of the null space",
    (rank(X[:, :3]), linalg.null_space(X[:, :3]).shape[1]),
    (3, 0),
)
verify_at_least(
    "three random vectors of R³: Gram determinant", det(X[:, :3].T @ X[:, :3]), 1e-3
)
verify("four vectors of R³: Gram determinant", det(X.T @ X), 0.0, atol=1e-10)
verify(
    "rank after dropping: one of four, one of three",
    [rank(X[:, :3]), rank(X[:, :2])],
    [3, 2],
)
E = [np.eye(2)[[i]].T @ np.eye(2)[[j]] for i in range(2) for j in range(2)]
verify(
    "the four 2×2 unit matrices as vectors of R⁴: rank",
    rank(*[e.ravel() for e in E]),
    4,
)

# %% [markdown]
r"""
(basis)=
### Just enough

:::{prf:definition} Basis
:label: def-la-basis
A *basis* of $V$ is a linearly independent family that spans $V$.
:::

Spanning means every vector has coordinates, independence that it has only one set of them. Equivalently: a generating family from which nothing can be dropped, or an independent one to which nothing can be added. Every space has a basis and, unless it is $\{0\}$, infinitely many. They are not equally good. In $(1,2),(3,5.07)$ a small error in a vector becomes an error in its coordinates up to $\kappa=42.7$ times as large, where $\kappa$ is the *condition number*, the longest over the shortest stretch of [the singular value decomposition](#singular-value-decomposition).

:::{admonition} Spanning is half of it
:class: correction
**The notes say** that vectors are a basis when their span covers the whole space.

**Right is:** they must also be independent. Three vectors can span $\mathbb R^2$, and then every point has infinitely many addresses.
:::
"""

# %%
three = np.column_stack([wide, [1, 0]])
verify(
    "three vectors that span R² but leave a null space",
    (rank(three), linalg.null_space(three).shape[1]),
    (2, 1),
)
alpha = np.linalg.solve(wide, [2, -1])
verify(
    "(2,−1) rebuilt from its coordinates",
    alpha[0] * wide[:, 0] + alpha[1] * wide[:, 1],
    [2.0, -1.0],
    atol=1e-12,
)
kappa = np.linalg.cond(wide)
verify("condition number of the basis (1,2), (3,5.07)", kappa, 42.7, atol=0.05)
v, dv = rng.normal(size=(2, 1000, 2))
dv *= 1e-3 * (np.linalg.norm(v, axis=1) / np.linalg.norm(dv, axis=1))[:, None]
change = lambda v, dv: (
    np.linalg.norm(np.linalg.solve(wide, dv.T), axis=0)
    / np.linalg.norm(np.linalg.solve(wide, v.T), axis=0)
)
verify_at_most(
    "relative change of the coordinates when v changes by 1e-3",
    change(v, dv),
    kappa * 1e-3,
)
long, short = np.linalg.svd(wide)[0].T
verify(
    "worst case: v along the longest stretch, error along the shortest",
    change(long[None], 1e-3 * short[None])[0],
    kappa * 1e-3,
    rtol=1e-9,
)

# %% [markdown]
r"""
None of the thousand random errors was magnified by quite 42.7; the worst direction was. A good basis is one whose arrows stand at right angles, and we will [make one](#gram-schmidt).

(dimension)=
:::{prf:theorem} Dimension
:label: thm-la-dimension
All bases of a finite-dimensional space $V$ have the same number of vectors, $\dim V$. Fewer never span, more are never independent.
:::

Why: suppose $v_1,\dots,v_n$ span and $w_1,\dots,w_k$ are independent. Write $w_1$ through the $v_i$; some coefficient is not zero, so that $v_i$ may be exchanged for $w_1$ and the family still spans. Continue with $w_2$, and so on; each time some $v_i$ must be left to exchange, or else $w_j$ would be a combination of earlier $w$'s. Hence $k\le n$. For two bases this holds both ways.

So $\dim\mathbb R^n=n$, $\dim\mathbb R^{m\times n}=mn$, and functions on $m$ points have dimension $m$.
"""

# %%
B, xs = rng.normal(size=(3, 3)), rng.normal(size=(3, 100))
verify(
    "100 vectors of R³ in a random basis", B @ np.linalg.solve(B, xs), xs, atol=1e-10
)
verify(
    "two columns do not generate R³, four have a null space",
    (rank(B[:, :2]), linalg.null_space(rng.normal(size=(3, 4))).shape[1]),
    (2, 1),
)
ks = rng.integers(1, 9, 1000)
verify(
    "1000 random families of 1 to 8 vectors of R⁵: rank is min(k, 5)",
    [rank(rng.normal(size=(5, k))) for k in ks],
    np.minimum(ks, 5),
)

# %% [markdown]
r"""
(basis-by-pivot-columns)=
To *extract* a basis from generating vectors, put them in as columns and eliminate. Row operations change the columns but not the relations between them, so the reduced form shows the dependencies in plain sight: a column without a pivot lists how it is mixed from the pivot columns to its left.

:::{admonition} Which columns to keep
:class: correction
**The notes say** that the pivot columns "will be the span".

**Right is:** the *original* vectors at the pivot positions are a *basis of* the span. The columns of the reduced matrix span another space.
:::
"""

# %%
A = sp.Matrix([[1, 2, 0, 3, 1], [2, 4, 1, 4, 3], [0, 0, 1, -2, 5], [1, 2, 1, 1, 0]])
reduced, pivots = A.rref()
original, changed = A[:, list(pivots)], reduced[:, list(pivots)]
verify(
    "pivot positions, and rank of the original columns there",
    (pivots, original.rank(), A.rank()),
    ((0, 2, 4), 3, 3),
)
verify(
    "the reduced form says: column 4 = 3·column 1 − 2·column 3",
    tuple(reduced[:2, 3]),
    (3, -2),
)
verify(
    "the original columns obey the same relation",
    str((A[:, 3] - 3 * A[:, 0] + 2 * A[:, 2]).T),
    "Matrix([[0, 0, 0, 0]])",
)
verify(
    "the reduced columns span another space: rank of both together",
    A.row_join(changed).rank(),
    4,
)

# %% [markdown]
r"""
(matrix-rank)=
### Rank

The *rank* of $A$ is the dimension of the span of its columns. Elimination finds as many independent rows as columns, one for each pivot, so it is the dimension of the span of the rows too: $\operatorname{rk}A=\operatorname{rk}A^\top$, which is far from obvious by looking. Three uses: $A\in\mathbb R^{n\times n}$ is invertible iff $\operatorname{rk}A=n$; $Ax=b$ is solvable iff $\operatorname{rk}[A\ b]=\operatorname{rk}A$; and the solutions of $Ax=0$ have dimension $n-\operatorname{rk}A$.

(homogeneous-solution-space)=
That last set is a subspace, and *every* subspace arises in this way. Given $U=\operatorname{span}(B)$, let the rows of $A$ span all that is orthogonal to $U$: then $\ker A=U$. A subspace can be described by what generates it or by the equations it obeys.
"""

# %%
lows = [
    rng.normal(size=(6, r)) @ rng.normal(size=(r, 8)) for r in rng.integers(1, 6, 100)
]
verify(
    "rank A = rank Aᵀ for 100 random products",
    [rank(A) for A in lows],
    [rank(A.T) for A in lows],
)
verify(
    "rank = number of singular values above 1e-10",
    [rank(A) for A in lows],
    [int(np.sum(linalg.svdvals(A) > 1e-10)) for A in lows],
)
verify(
    "dim of solutions of Ax = 0 is n − rank",
    [linalg.null_space(A).shape[1] for A in lows],
    [8 - rank(A) for A in lows],
)
A = lows[0]
verify(
    "solvable: rank [A b] = rank A",
    (
        rank(A, A @ rng.normal(size=8)) == rank(A),
        rank(A, rng.normal(size=6)) == rank(A),
    ),
    (True, False),
)
B = rng.normal(size=(5, 2))
A = np.linalg.svd(B)[0][:, 2:].T  # rows orthogonal to the columns of B
projector = lambda X: X @ np.linalg.pinv(X)
verify("a plane in R⁵ by three equations: AB", A @ B, np.zeros((3, 2)), atol=1e-10)
verify(
    "ker A is that plane and rank A is 3",
    projector(linalg.null_space(A)),
    projector(B),
    atol=1e-10,
)

# %% [markdown]
r"""
(coordinates-in-a-basis)=
### An address depends on the map

Fix a basis and an order, $B=(b_1,\dots,b_n)$. The unique numbers in $x=\sum_i\alpha_ib_i$ are the *coordinates* of $x$; as a column, $[x]_B=(\alpha_1,\dots,\alpha_n)^\top$, they are the *matrix of the vector*. In $\mathbb R^n$ one solves $[b_1\cdots b_n]\,\alpha=x$. The red point below never moves; the blue grid does, and so does the address.
"""


# %% tags=["hide-input"]
def draw_grid(ax, M, n, colour, width=0.9):
    """The image under M of the lines of the grid from −n to n."""
    k, gap = np.arange(-n, n + 1.0), np.full(2 * n + 1, np.nan)
    across = np.array(
        [np.tile([-n, n, np.nan], 2 * n + 1), np.array([k, k, gap]).T.ravel()]
    )
    ax.plot(*(M @ np.c_[across, across[::-1]]), color=colour, lw=width)


def both_grids(b_1, b_2):
    B = np.array(
        [
            [float(s) for s in b.replace("−", "-").strip("()").split(",")]
            for b in (b_1, b_2)
        ]
    ).T
    alpha = np.linalg.solve(B, [2, 2])
    fig, ax = plt.subplots(figsize=(6.8, 3.4))
    draw_grid(ax, B, 12, plot.SKY)
    arrow(ax, alpha[0] * B[:, 0], plot.GREEN)
    arrow(ax, alpha[1] * B[:, 1], plot.ORANGE, start=alpha[0] * B[:, 0])
    ax.plot(2, 2, "o", color=plot.RED, ms=9)
    ax.set(
        xlim=(-4.2, 8.2),
        ylim=(-2.6, 4.2),
        aspect="equal",
        xlabel="$x_1$",
        ylabel="$x_2$",
        title=f"standard (2, 2), in the blue grid ({alpha[0]:.4g}, {alpha[1]:.4g})".replace(
            "-", "−"
        ),
    )
    return fig


explore(
    both_grids,
    alt="The point (2, 2) in the standard grid and in a slanted grid of two basis vectors, with the steps along the basis vectors that lead to it",
    b_1=["(−1,1)", "(1,0)", "(2,1)"],
    b_2=["(0,1)", "(1,2)", "(−1,2)"],
)

# %% [markdown]
r"""
The same with polynomials: $1+2x+3x^2$ has the coordinates $(1,2,3)$ in $1,x,x^2$, and $(2,-4,3)$ in $1,\,1+x,\,(1+x)^2$.

:::{admonition} Coordinates of (2, 2)
:class: correction
**The notes say** that $(2,2)$ has the coordinates $(4,2)$ in the basis $(-1,1),(0,1)$.

**Right is:** $(-2,4)$, since $-2\,(-1,1)+4\,(0,1)=(2,2)$, whereas $4\,(-1,1)+2\,(0,1)=(-4,6)$.
:::
"""

# %%
B = np.array([[-1, 0], [1, 1]])
verify(
    "coordinates of (2,2) in the basis (−1,1), (0,1)",
    np.linalg.solve(B, [2, 2]),
    [-2.0, 4.0],
    atol=1e-15,
)
verify("in the basis (−1,1), (0,1) the address (4,2) belongs to", B @ [4, 2], [-4, 6])
verify(
    "2 − 4(1+x) + 3(1+x)² = 1 + 2x + 3x² at 50 points",
    2 - 4 * (1 + grid) + 3 * (1 + grid) ** 2,
    Poly([1, 2, 3])(grid),
    atol=1e-12,
)

# %% [markdown]
r"""
(standard-basis-one-hot)=
### One-hot

The *standard basis* $e_1,\dots,e_n$ has a single one in each vector. In deep learning it is called *one-hot encoding*: class $k$ becomes $e_k$. By [the column view](#eq-la-columns) $We_k$ is column $k$ of $W$, so multiplying a matrix by a one-hot vector only looks something up, and that is all that an embedding layer does. An image is the combination $\sum_ix_ie_i$ of images with a single bright pixel.

(indicator-basis-function-space)=
For functions on a finite set $S$ these are the *indicators* $\delta_s$, one at $s$ and zero elsewhere: $f=\sum_sf(s)\,\delta_s$, in only one way, so $\dim=|S|$.

:::{admonition} Indicators on the whole line
:class: correction
**The notes say** that the indicator functions are the standard basis of all functions $f:\mathbb R\to\mathbb R$.

**Right is:** they are independent but do not span. A basis makes *finite* combinations, and a finite combination of indicators is zero almost everywhere. They are a basis for the functions on a finite set, or for those with finitely many non-zero values.
:::
"""

# %%
f = lambda x: 1 + x**2
x = (np.arange(1000) + 0.5) / 1000
for m in (
    10,
    100,
    999,
):  # the best m indicators copy f at m points and miss it elsewhere
    best = np.where(np.isin(np.arange(1000), np.argsort(-f(x))[:m]), f(x), 0)
    cosines = np.cos(np.pi * np.outer(x, np.arange(m)))
    fitted = cosines @ (cosines.T @ f(x) / np.sum(cosines**2, axis=0))
    verify_at_least(
        f"1 + x² on 1000 points: largest error with {m} indicators",
        np.max(abs(f(x) - best)),
        1.0,
    )
    verify_at_most(f"… and with {m} cosines", np.max(abs(f(x) - fitted)), 0.5 / m)
indicators = np.array([[float(s == t) for t in "abcd"] for s in "abcd"])
verify(
    "four points: the indicators are the columns of I₄, of rank 4",
    (bool(np.all(indicators == np.eye(4))), rank(indicators)),
    (True, 4),
)

# %%
from sklearn.preprocessing import OneHotEncoder

labels, W = np.array([2, 0, 3, 2]), rng.normal(size=(5, 4))
encoded = OneHotEncoder(categories=[range(4)], sparse_output=False).fit_transform(
    labels[:, None]
)
verify("one-hot encoding is a choice of rows of I", np.eye(4)[labels], encoded, atol=0)
verify("W times one-hot is a look-up of columns", W @ encoded.T, W[:, labels], atol=0)
digit = datasets.load_digits().images[7]
lamps = np.eye(64).reshape(64, 8, 8)
verify(
    "a digit from 64 indicator images: difference",
    sum(a * lamp for a, lamp in zip(digit.ravel(), lamps)) - digit,
    np.zeros((8, 8)),
    atol=0,
)

# %% [markdown]
r"""
(image-not-in-span-of-features)=
### What no combination reaches

All images lie in the span of the 1024 pixels. Do they lie in the span of three templates, a square and two bars? Mixing templates can only brighten and darken; it can never *move* anything. The target has the square moved and turned.
"""

# %%
yy, xx = np.meshgrid(np.linspace(1, -1, 32), np.linspace(-1, 1, 32), indexing="ij")
soft = lambda s: 1 / (1 + np.exp(-np.clip(s / 0.06, -60, 60)))


def bar(cx, cy, angle, length, width, brightness):
    (c, s), (dx, dy) = (np.cos(angle), np.sin(angle)), (xx - cx, yy - cy)
    return (
        brightness
        * soft(length - abs(c * dx + s * dy))
        * soft(width - abs(c * dy - s * dx))
    )


def render(theta):  # a rectangle and a line: place, angle, brightness
    return bar(*theta[:3], 0.4, 0.25, theta[3]) + bar(*theta[4:7], 0.9, 0.06, theta[7])


templates = np.array(
    [
        bar(0, 0, 0, 0.4, 0.25, 1),
        bar(0, 0, 0, 0.9, 0.06, 1),
        bar(0, 0, np.pi / 2, 0.9, 0.06, 1),
    ]
)
target = render([0.35, 0.4, 0.7, 0.8, -0.35, -0.2, 1.9, 0.5])
T = templates.reshape(3, -1).T
mixed = T @ np.linalg.lstsq(T, target.ravel(), rcond=None)[0]
found = optimize.least_squares(
    lambda p: (render(p) - target).ravel(), [0.15, 0.25, 0.4, 0.5, -0.2, 0.0, 1.6, 0.7]
)
size = np.linalg.norm(target)
verify_at_least(
    "best mixture of three templates: relative error",
    np.linalg.norm(mixed - target.ravel()) / size,
    0.5,
)
verify_at_most(
    "renderer with fitted place, angle, brightness: relative error",
    np.linalg.norm(render(found.x) - target) / size,
    0.05,
    atol=1e-6,
)


# %% tags=["hide-input"]
def mixture(square, bars):
    fig, axes = plt.subplots(1, 3, figsize=(6.8, 2.5))
    picture = square * templates[0] + bars * (templates[1] + templates[2])
    for ax, image, title in zip(
        axes,
        (target, picture, render(found.x)),
        ("target", "mixture of templates", "fitted renderer"),
    ):
        ax.imshow(image, cmap="gray", vmin=0, vmax=1)
        ax.set(title=title)
        ax.axis("off")
    return fig


explore(
    mixture,
    alt="Left a turned rectangle and a slanted line; middle a mixture of a centred rectangle and a cross, which never matches; right the fitted renderer, which does",
    square=[0.6, 0.2, 0.0],
    bars=[0.2, 0.5],
)

# %% [markdown]
"""
The renderer succeeds because place and angle enter it *nonlinearly*. This is the case for deep learning in one picture: a linear mixture of fixed features against features that can move.
"""

# %% [markdown]
r"""
## Maps that respect the rules

(linear-map)=
### What linear means

:::{prf:definition} Linear map
:label: def-la-linear
$T:V\to W$ is *linear* if it is additive, $T(u+v)=T(u)+T(v)$, and homogeneous, $T(\lambda v)=\lambda T(v)$; in one line

$$
T(\lambda u+\psi v)=\lambda T(u)+\psi T(v).
$$ (eq-la-linear)
:::

It does not matter whether one combines first and maps then, or the other way around. Then $T(0)=T(0\cdot v)=0$, and the outputs form a vector space again. The tester tries each of the three rules on fifty random inputs.

:::{admonition} Two properties make one
:class: correction
**The notes say** that a map is non-linear if the two properties hold individually but not together.

**Right is:** if both hold, the combined rule follows: $T(\lambda u+\psi v)=T(\lambda u)+T(\psi v)=\lambda T(u)+\psi T(v)$. A map is non-linear when at least one of them fails.
:::
"""


# %%
def tests(T, n, numbers=lambda rng, *shape: rng.normal(size=shape), seed=0):
    """Does T pass (additive, homogeneous, combined) on 50 random inputs of length n?"""
    rng, passed = np.random.default_rng(seed), np.array([True] * 3)
    for _ in range(50):
        u, v, (a, b) = numbers(rng, n), numbers(rng, n), numbers(rng, 2)
        pairs = (
            (T(u + v), T(u) + T(v)),
            (T(a * v), a * T(v)),
            (T(a * u + b * v), a * T(u) + b * T(v)),
        )
        passed &= [np.allclose(left, right, atol=1e-10) for left, right in pairs]
    return tuple(passed.tolist())


is_linear = lambda T, n, **options: tests(T, n, **options)[2]
complex_numbers = lambda rng, *shape: (
    rng.normal(size=shape) + 1j * rng.normal(size=shape)
)
M = np.random.default_rng(7).normal(size=(3, 6))
linear = {
    "identity": lambda x: x,
    "x ↦ Mx": lambda x: M @ x,
    "np.diff": np.diff,
    "np.cumsum": np.cumsum,
    "mean": np.mean,
    "reflection": lambda x: x[::-1],
    "derivative of a polynomial": np.polynomial.polynomial.polyder,
}
for name, T in linear.items():
    verify(f"{name}: additive, homogeneous, linear", tests(T, 6), (True, True, True))

# %%
relu = lambda x: np.maximum(x, 0)
for name, T in {
    "x + 1": lambda x: x + 1,
    "|x|": abs,
    "x²": np.square,
    "relu": relu,
}.items():
    verify(f"{name}: additive, homogeneous, linear", tests(T, 6), (False, False, False))
verify(
    "complex conjugation: additive, homogeneous, linear",
    tests(np.conj, 6, numbers=complex_numbers),
    (True, False, False),
)
x = np.random.default_rng(8).normal(size=6)
verify(
    "relu is homogeneous for positive numbers only",
    (
        bool(np.allclose(relu(3 * x), 3 * relu(x))),
        bool(np.allclose(relu(-x), -relu(x))),
    ),
    (True, False),
)

# %% [markdown]
r"""
(linear-map-examples)=
### Examples, and a warning about a word

The identity $I(v)=v$; the derivative $D(f)=f'$; the integral $J(f)=\int_0^1f$; the map $T(x,y,z)=(2x-y+3z,\;7x+5y-6z)$; and in general $(Ax)_i=\sum_ja_{ij}x_j$. On polynomials of degree at most three, written as $(c_0,c_1,c_2,c_3)$, even $D$ and $J$ are tables of numbers.

:::{admonition} Not every function has a derivative
:class: correction
**The notes say** that differentiation and integration act on the space of all functions $\mathbb R\to\mathbb R$.

**Right is:** they need smaller domains, such as $D:C^1(\mathbb R)\to C^0(\mathbb R)$ and $\int_0^1:C^0[0,1]\to\mathbb R$. The function $|x|$ has two slopes at 0, and $1/x$ has no integral up to 0.
:::
"""

# %%
h = 1e-6
verify(
    "|x| at 0: slopes from the left and from the right",
    [(abs(0) - abs(-h)) / h, (abs(h) - abs(0)) / h],
    [-1.0, 1.0],
)
verify(
    "∫ 1/x from 10⁻³ and from 10⁻⁶ to 1: it never stops growing",
    [integrate.quad(lambda x: 1 / x, 10**-k, 1, limit=200)[0] for k in (3, 6)],
    np.log(10) * np.array([3, 6]),
    rtol=1e-6,
)
D = np.array([[0, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 3], [0, 0, 0, 0]])
J = np.array([1, 1 / 2, 1 / 3, 1 / 4])
for c in np.random.default_rng(9).normal(size=(3, 4)):
    verify(
        "D·coefficients, against numpy's derivative",
        (D @ c)[:3],
        Poly(c).deriv().coef,
        atol=1e-14,
    )
    verify(
        "J·coefficients, against numerical integration",
        J @ c,
        integrate.quad(Poly(c), 0, 1)[0],
        atol=1e-12,
    )
T = lambda v: np.array([2 * v[0] - v[1] + 3 * v[2], 7 * v[0] + 5 * v[1] - 6 * v[2]])
verify(
    "the matrix of T from T(e₁), T(e₂), T(e₃)",
    np.column_stack([T(e) for e in np.eye(3, dtype=int)]),
    [[2, -1, 3], [7, 5, -6]],
)

# %% [markdown]
r"""
(affine-map-bias)=
What school calls a linear function, $y=ax+b$, is not linear: it moves 0 to $b$. It is *affine*, linear plus a shift. Yet it is linear in two other ways. For fixed $x$ it is linear in the parameters $(a,b)$, which is why fitting a line is easy. And the bias can be absorbed: append a 1 to the input,

$$
Wx+b=\begin{pmatrix}W&b\end{pmatrix}\begin{pmatrix}x\\1\end{pmatrix}.
$$ (eq-la-bias)

Hence the name "linear layer". Several such layers with kinks in between are linear in none of these.

(linear-in-which-variable)=
So the word means nothing until the variable is named. $y=z\sin x+z^2\sin x=(z+z^2)\sin x$ is linear in $s=\sin x$, but neither in $z$ nor in $x$; a polynomial $\sum_kc_kx^k$ is linear in $c$ and not in $x$.

(linear-functional-representation)=
A linear $f:\mathbb R^n\to\mathbb R$ is always a dot product: $f(x)=f(\sum_ix_ie_i)=\sum_ix_if(e_i)=w^\top x$ with $w_i=f(e_i)$. Probe it with $n$ unit vectors and you know it everywhere.
"""

# %%
rng = np.random.default_rng(10)
W, b, V = rng.normal(size=(2, 3)), rng.normal(size=2), rng.normal(size=(1, 2))
extend = lambda x: np.append(x, 1)
verdicts = [
    ("x ↦ 2x + 3", lambda x: 2 * x + 3, 1, False),
    ("(a,b) ↦ ax + b at x = 1.7", lambda p: p[0] * 1.7 + p[1], 2, True),
    ("a layer with bias", lambda x: W @ x + b, 3, False),
    ("a layer without bias", lambda x: W @ x, 3, True),
    (
        "the matrix (W b) on extended inputs",
        lambda z: np.column_stack([W, b]) @ z,
        4,
        True,
    ),
    (
        "two layers as a function of their weights",
        lambda w: w[:2] @ np.maximum(w[2:].reshape(2, 3) @ [1, 2, 3], 0),
        8,
        False,
    ),
    ("s ↦ (z + z²)s", lambda s: (0.3 + 0.3**2) * s, 1, True),
    ("z ↦ (z + z²) sin x", lambda z: (z + z**2) * np.sin(0.7), 1, False),
    ("x ↦ (z + z²) sin x", lambda x: (0.3 + 0.3**2) * np.sin(x), 1, False),
    ("a polynomial in its coefficients", lambda c: Poly(c)(1.3), 4, True),
    ("a polynomial in x", lambda x: Poly([0, 1, 2])(x), 1, False),
]
for name, T, n, expected in verdicts:
    verify(f"{name}: linear", is_linear(T, n), expected)
x = rng.normal(size=3)
verify(
    "(W b) on the extended input equals Wx + b",
    np.column_stack([W, b]) @ extend(x),
    W @ x + b,
    atol=1e-12,
)

# %%
probes = {
    "mean": np.mean,
    "weighted sum": lambda x: np.sum(x * np.arange(5)),
    "polynomial with coefficients x at 2": lambda c: Poly(c)(2.0),
}
for name, f in probes.items():
    w = np.array([f(e) for e in np.eye(5)])
    xs = rng.normal(size=(100, 5))
    verify(f"{name} is a dot product", xs @ w, [f(x) for x in xs], atol=1e-12)

# %% [markdown]
r"""
(geometric-linear-transformations)=
### To see a matrix

Take hold of the four numbers and watch the plane. The columns of the matrix are where the two unit arrows land, and everything else follows them: lines stay lines, parallels stay parallel, the origin stays. Look for a turn, a shear, a mirror, and a matrix that flattens everything.
"""

# %% tags=["hide-input"]
letter = np.array(
    [
        [0, 0],
        [0, 1],
        [0.7, 1],
        [0.7, 0.8],
        [0.25, 0.8],
        [0.25, 0.6],
        [0.55, 0.6],
        [0.55, 0.4],
        [0.25, 0.4],
        [0.25, 0],
    ]
)


def mapped(a, b, c, d):
    A = np.array([[a, b], [c, d]])
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.2))
    for ax, M, name in zip(
        axes,
        (np.eye(2), A),
        ("before", f"after, det = {a * d - b * c:g}".replace("-", "−")),
    ):
        draw_grid(ax, M, 3, plot.SKY)
        ax.fill(
            *(M @ letter.T),
            color=plot.RED if a * d < b * c and M is A else plot.GREY,
            alpha=0.6,
        )
        arrow(ax, M[:, 0], plot.GREEN)
        arrow(ax, M[:, 1], plot.ORANGE)
        ax.set(xlim=(-3.3, 3.3), ylim=(-3.1, 3.1), aspect="equal", title=name)
    return fig


explore(
    mapped,
    alt="A grid with a letter F and both unit arrows, before and after a two by two matrix with entries a, b in the first and c, d in the second row",
    a=[2, 1],
    b=[1, 0, -1],
    c=[0, 1],
    d=[1, -1],
)

# %% [markdown]
r"""
Turn by 45°, $a=d=1$, $b=-1$, $c=1$ (and longer by $\sqrt2$). Shear: $a=b=d=1$, $c=0$. Mirror: $d=-1$, and the F can no longer be read by turning the page. Flat: all ones. Areas scale by $|\det|$, as [above](#determinant); orientation flips when $\det<0$. A mirror undoes itself, $T^2=I$. On photographs a map $T$ of the plane becomes the map $f\mapsto f\circ T$ of images, which is linear too, whatever $T$ is.
"""

# %%
side = np.linspace(0, 1, 100, endpoint=False)
outline = np.vstack(
    [
        np.c_[side, 0 * side],
        np.c_[0 * side + 1, side],
        np.c_[1 - side, 0 * side + 1],
        np.c_[0 * side, 1 - side],
    ]
)
maps = {
    "turn by 45°": (turn(np.pi / 4), 1.0),
    "stretch diag(2,1)": (np.diag([2.0, 1]), 2.0),
    "[[3,−1],[1,−1]]/2": (np.array([[3, -1], [1, -1]]) / 2, -0.5),
}
for name, (A, factor) in maps.items():
    image = outline @ A.T
    verify(
        f"{name}: signed area of the image of a square of 400 points, and det",
        [shoelace(image), det(A)],
        [factor, factor],
        atol=1e-12,
    )
    first, third = image[99] - image[0], image[200] - image[299]  # opposite sides
    verify(
        f"{name}: opposite sides stay parallel",
        first[0] * third[1] - first[1] * third[0],
        0.0,
        atol=1e-12,
    )
flower, flip = datasets.load_sample_image("flower.jpg"), lambda image: image[:, ::-1]
A, B = colour_photo / 255, flower / 255
verify(
    "flipping a photograph twice changes nothing",
    bool(np.all(flip(flip(flower)) == flower)),
    True,
)
verify(
    "flip(0.3A + 0.7B) = 0.3 flip(A) + 0.7 flip(B)",
    np.max(abs(flip(0.3 * A + 0.7 * B) - 0.3 * flip(A) - 0.7 * flip(B))),
    0.0,
    atol=1e-15,
)
mirror = np.diag([-1, 1])
verify("the mirror diag(−1,1) squared", mirror @ mirror, np.eye(2, dtype=int))

# %% [markdown]
r"""
(matrix-of-a-linear-map)=
### Every linear map is a matrix

Choose a basis $(b_j)$ of $V$ and a basis $(c_i)$ of $W$, and write down where the first one goes: $\Phi(b_j)=\sum_i\alpha_{ij}c_i$. Then for any $x=\sum_jx_jb_j$

$$
\Phi(x)=\sum_jx_j\Phi(b_j)=\sum_i\Bigl(\sum_j\alpha_{ij}x_j\Bigr)c_i,\qquad\text{that is}\qquad[\Phi x]_C=A_\Phi\,[x]_B .
$$ (eq-la-matrix-of-map)

Column $j$ of $A_\Phi=(\alpha_{ij})$ holds the coordinates of the image of the $j$-th basis vector, so the images of a basis determine the map. Any black box that is linear can be turned into a matrix by feeding it unit vectors.

:::{admonition} What the matrix of a map does
:class: correction
**The notes say** that $A_\Phi$ transforms to the new basis.

**Right is:** it takes the $B$-coordinates of $x$ to the $C$-coordinates of $\Phi(x)$, which is another vector. Only for $\Phi=\mathrm{id}$ is it a change of basis.
:::
"""

# %%
powers = [Poly([1]), Poly([1, 1]), Poly([1, 1]) ** 2]  # 1, 1 + x, (1 + x)²
B = np.array([np.pad(p.coef, (0, 3 - len(p.coef))) for p in powers]).T
verify(
    "matrix of the identity: new address (2,−4,3) of the same 1 + 2x + 3x²",
    np.linalg.solve(B, [1, 2, 3]),
    [2.0, -4.0, 3.0],
    atol=1e-12,
)
by_numpy = np.column_stack(
    [np.pad(Poly(e).deriv().coef, (0, 3))[:3] for e in np.eye(4)]
)
verify(
    "matrix of the derivative: the images of 1, x, x², x³",
    by_numpy,
    [[0.0, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 3]],
    atol=0,
)
cs = rng.normal(size=(50, 4))
verify(
    "it takes 50 cubics to other vectors, their derivatives",
    cs @ by_numpy.T,
    [Poly(c).deriv().coef for c in cs],
    atol=1e-12,
)

# %%
from scipy import ndimage

blur = lambda x: ndimage.uniform_filter(x.reshape(8, 8), 3, mode="constant").ravel()
for name, T, n in (("np.cumsum on R⁶", np.cumsum, 6), ("blur of 8×8 images", blur, 64)):
    M = np.column_stack([T(e) for e in np.eye(n)])
    xs = rng.normal(size=(100, n))
    verify(
        f"{name}: its matrix, on 100 random inputs",
        xs @ M.T,
        [T(x) for x in xs],
        atol=1e-12,
    )
verify("the matrix of the blur is 64×64 …", M.shape, (64, 64))
verify(
    "… with at most nine entries a row; their total number",
    int(np.sum(M > 1e-12)),
    (3 * 8 - 2) ** 2,
)

# %% [markdown]
r"""
(product-of-linear-maps)=
### Why matrices are multiplied that way

Apply $T$, then $S$. The composition is linear, and its matrix is *defined* to be the product. Feed it $e_j$: with $A$ the matrix of $S$ and $B$ that of $T$,

$$
(AB)_{ij}=\bigl(A(Be_j)\bigr)_i=\sum_ka_{ik}b_{kj} .
$$ (eq-la-product)

So associativity, $TI=IT=T$, and both distributive laws come for free: they hold for functions. Associativity does not change the result, but it does change the bill: a row times two $1000\times1000$ matrices costs $2\cdot10^6$ multiplications from the left and $10^9+10^6$ from the right. Backpropagation is exactly this choice of bracket.
"""


# %%
def triple_loop(A, B):
    C, count = np.zeros((len(A), len(B[0]))), 0
    for i, j, k in product(range(len(A)), range(len(B[0])), range(len(B))):
        C[i, j], count = C[i, j] + A[i, k] * B[k, j], count + 1
    return C, count


A, B, B2, C = (
    rng.normal(size=(3, 4)),
    rng.normal(size=(4, 5)),
    rng.normal(size=(4, 5)),
    rng.normal(size=(5, 2)),
)
for law, left, right in (
    ("the triple loop is the matrix product", triple_loop(A, B)[0], A @ B),
    ("(AB)C = A(BC)", (A @ B) @ C, A @ (B @ C)),
    ("A(B + B′) = AB + AB′", A @ (B + B2), A @ B + A @ B2),
    ("(B + B′)C = BC + B′C", (B + B2) @ C, B @ C + B2 @ C),
    (
        "matrix of blur ∘ cumsum",
        np.column_stack([blur(np.cumsum(e)) for e in np.eye(64)]),
        M @ np.tri(64),
    ),
):
    verify(f"{law}", left, right, atol=1e-12)
cost = lambda m, k, n: m * k * n
verify(
    "3×4 times 4×5: multiplications of the loop", triple_loop(A, B)[1], cost(3, 4, 5)
)
verify(
    "a row times two 1000×1000 matrices: multiplications from the left, from the right",
    [2 * cost(1, 1000, 1000), cost(1000, 1000, 1000) + cost(1, 1000, 1000)],
    [2_000_000, 1_001_000_000],
)

# %% [markdown]
r"""
(composition-not-commutative)=
Putting on socks and shoes does not commute, and neither do maps. With $Sf=f'$ and $(Tf)(x)=x^2f(x)$ the product rule gives $STf-TSf=2xf$. Some maps do commute: turns of the plane, diagonal matrices, polynomials of one matrix.

(space-of-linear-maps)=
Maps can also be added and scaled, $(S+T)v=Sv+Tv$ and $(\lambda T)v=\lambda(Tv)$, with the map that sends everything to 0 as zero: the linear maps $\mathcal L(V,W)$ are a vector space of dimension $\dim V\cdot\dim W$.
"""

# %%
f, x2 = Poly([1, 2, 0, 3]), Poly([0, 0, 1])
verify(
    "S(Tf) − T(Sf) for f = 1 + 2x + 3x³ is 2xf",
    ((x2 * f).deriv() - x2 * f.deriv()).coef,
    [0.0, 2, 4, 0, 6],
    atol=0,
)
verify(
    "turn by 90° and mirror: AB − BA",
    turn(np.pi / 2) @ mirror - mirror @ turn(np.pi / 2),
    [[0.0, -2.0], [-2.0, 0.0]],
    atol=1e-15,
)
verify("two turns commute", turn(0.4) @ turn(1.1), turn(1.1) @ turn(0.4), atol=1e-15)
S, T, v = rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), rng.normal(size=3)
verify("(S + 2T)v = Sv + 2Tv", (S + 2 * T) @ v, S @ v + 2 * (T @ v), atol=1e-12)
E = [np.outer(np.eye(2)[i], np.eye(3)[j]).ravel() for i in range(2) for j in range(3)]
verify("the six unit matrices E_ij of maps R³ → R²: rank", rank(*E), 6)

# %% [markdown]
r"""
(kernel-and-image)=
### What is lost, what is reached

The *kernel* $\ker\Phi=\{v:\Phi(v)=0\}$ is what the map forgets; the *image* $\operatorname{im}\Phi=\Phi(V)$ is what it can say. Both are subspaces.

:::{prf:theorem} Rank–nullity
:label: thm-la-rank-nullity
$\dim\ker\Phi+\dim\operatorname{im}\Phi=\dim V$.
:::

:::{prf:proof}
Take a basis $u_1,\dots,u_k$ of the kernel and extend it by $w_1,\dots,w_r$ to one of $V$. The $\Phi(w_i)$ span the image, since the $u$'s contribute nothing. They are independent: if $\sum c_i\Phi(w_i)=0$ then $\sum c_iw_i$ lies in the kernel, so it is a combination of the $u$'s, and independence of the whole basis forces $c=0$. So $\dim\operatorname{im}\Phi=r$ and $\dim V=k+r$.
:::

(injective-surjective-bijective)=
A map is *injective* if different inputs have different outputs; for a linear one that means $\ker\Phi=\{0\}$, full column rank. It is *surjective* if it reaches all of $W$, full row rank. *Bijective* is both, and then there is an inverse.
"""

# %%
for r in range(1, 5):
    A = rng.normal(size=(4, r)) @ rng.normal(size=(r, 6))
    N, x = linalg.null_space(A), rng.normal(size=6)
    verify(
        f"4×6 of rank {r}: dimensions of kernel and image",
        (N.shape[1], linalg.orth(A).shape[1]),
        (6 - r, r),
    )
    verify(
        f"4×6 of rank {r}: moving inside x + ker A changes nothing",
        A @ (x[:, None] + 3 * N) - (A @ x)[:, None],
        np.zeros((4, 6 - r)),
        atol=1e-10,
    )
kind = lambda A: (rank(A) == A.shape[1], rank(A) == A.shape[0])
shapes = {
    "3×2": (rng.normal(size=(3, 2)), (True, False)),
    "2×3": (rng.normal(size=(2, 3)), (False, True)),
    "3×3": (rng.normal(size=(3, 3)), (True, True)),
    "singular 3×3": (np.arange(9.0).reshape(3, 3), (False, False)),
}
for name, (A, expected) in shapes.items():
    verify(f"{name}: injective, surjective", kind(A), expected)
x, y = np.array([1.0, 1, 1]), np.array([2.0, -1, 2])
verify(
    "not injective: (1,1,1) and (2,−1,2) have one image under [[0,1,2],[3,4,5],[6,7,8]]",
    A @ x,
    A @ y,
    atol=0,
)
A = shapes["3×3"][0]
verify("bijective: Φ⁻¹(Φ(x)) = x", np.linalg.solve(A, A @ x), x, atol=1e-10)

# %% [markdown]
r"""
(isomorphism-theorem)=
A linear bijection is an *isomorphism*: a renaming. It carries a basis to a basis, so two finite-dimensional real spaces are isomorphic exactly when their dimensions agree, and every $n$-dimensional space is $\mathbb R^n$ under another name. Flattening makes $\mathbb R^{m\times n}$ into $\mathbb R^{mn}$; listing coefficients makes cubics into $\mathbb R^4$ and the derivative into [a $4\times4$ table](#linear-map-examples).
"""

# %%
A, B = rng.normal(size=(2, 3, 4))
verify("flatten and back: 3×4 matrices are R¹²", A.ravel().reshape(3, 4), A, atol=0)
verify(
    "flattening is linear",
    (2 * A - 3 * B).ravel(),
    2 * A.ravel() - 3 * B.ravel(),
    atol=0,
)
verify(
    "20 cubics: derivative there and matrix here agree",
    (D @ cs[:20].T).T[:, :3],
    [Poly(c).deriv().coef for c in cs[:20]],
    atol=1e-12,
)

# %% [markdown]
r"""
(basis-change)=
### The same map in other words

The matrix depends on the bases. Let the columns of $S$ and $T$ be new bases of $V$ and $W$ written in the old ones. Old coordinates are $S$ times new ones, so "translate, map, translate back" gives

$$
\tilde A=T^{-1}AS,\qquad\text{and for }V=W:\qquad\tilde A=S^{-1}AS .
$$ (eq-la-basis-change)

In the second case $A$ and $\tilde A$ are called *similar*. They are the same map, so everything that belongs to the map agrees: rank, determinant ($\det S^{-1}\det A\det S$), trace ($\operatorname{tr}S^{-1}AS=\operatorname{tr}ASS^{-1}$), eigenvalues. A good basis makes the matrix simple. In the eigenbasis $(1,1),(1,-1)$ the matrix $\begin{pmatrix}2&1\\1&2\end{pmatrix}$ becomes $\operatorname{diag}(3,1)$: in the grey grid it shears, in its own grid it only stretches.
"""

# %% mystnb={"image": {"alt": "Left a standard grid and its slanted image under a matrix; right the grid of the diagonals and its image, which is the same grid stretched threefold along one diagonal."}} tags=["hide-input"]
A = np.array([[2, 1], [1, 2]])
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.2))
for ax, S, name in zip(
    axes,
    (np.eye(2), np.array([[1, 1], [1, -1]]) / np.sqrt(2)),
    ("standard grid", "grid of the eigenvectors"),
):
    for M, colour, width in ((S, plot.GREY, 0.7), (A @ S, plot.BLUE, 1.3)):
        draw_grid(ax, M, 1, colour, width)
    for s in S.T:
        arrow(ax, A @ s, plot.RED)
    ax.set(xlim=(-3.3, 3.3), ylim=(-3.3, 3.3), aspect="equal", title=name)
plt.show()

# %%
in_order = lambda z: np.array(
    sorted(z, key=lambda c: (round(c.real, 6), c.imag))
)  # safe for pairs a ± bi
A, S, T = rng.normal(size=(3, 4, 4))
similar = inv(S) @ A @ S
verify(
    "similar matrices: determinant, trace",
    [det(similar), np.trace(similar)],
    [det(A), np.trace(A)],
    rtol=1e-8,
)
verify(
    "similar matrices: eigenvalues",
    in_order(np.linalg.eigvals(similar)),
    in_order(np.linalg.eigvals(A)),
    atol=1e-8,
)
xs = rng.normal(size=(4, 50))  # new coordinates of 50 vectors
verify(
    "translate and map, or map and translate",
    T @ (inv(T) @ A @ S @ xs),
    A @ (S @ xs),
    atol=1e-10,
)
cheb = np.polynomial.chebyshev
B = np.column_stack(
    [np.pad(cheb.cheb2poly(e[: k + 1]), (0, 3 - k)) for k, e in enumerate(np.eye(4))]
)
D_cheb = np.column_stack([np.pad(cheb.chebder(e), (0, 1)) for e in np.eye(4)])
verify(
    "the derivative in Chebyshev polynomials is B⁻¹DB",
    D_cheb,
    inv(B) @ D @ B,
    atol=1e-12,
)
verify(
    "… a different matrix, of the same trace and rank",
    (bool(np.any(D_cheb != D)), np.trace(D_cheb).item(), rank(D), rank(D_cheb)),
    (True, 0.0, 3, 3),
)
S = np.array([[1, 1], [1, -1]])
verify(
    "[[2,1],[1,2]] in its eigenbasis",
    inv(S) @ [[2, 1], [1, 2]] @ S,
    np.diag([3.0, 1.0]),
    atol=1e-15,
)

# %% [markdown]
r"""
(affine-space)=
Shift a subspace and you get an *affine subspace* $x_0+U$: a point, a line, a plane, a hyperplane. The solutions of $Ax=b$, if there are any, form one; affine maps $x\mapsto Ax+b$ send affine subspaces to affine subspaces. Members may be averaged: a combination of members is a member if and only if (for $b\ne0$) the weights sum to one, because $A\sum_iw_ix_i=\bigl(\sum_iw_i\bigr)b$.
"""

# %%
normal, b = np.array([[1.0, 2, -1]]), 3.0
members = (
    np.array([3.0, 0, 0]) + rng.normal(size=(100, 2)) @ linalg.null_space(normal).T
)
verify(
    "100 members of the plane x + 2y − z = 3",
    members @ normal[0],
    np.full(100, b),
    atol=1e-12,
)
w = rng.normal(size=100)
verify(
    "weights that sum to 1, and to 2: Ax is",
    [normal[0] @ (w / w.sum() @ members), normal[0] @ (2 * w / w.sum() @ members)],
    [b, 2 * b],
    atol=1e-10,
)
M, shift = rng.normal(size=(3, 3)), rng.normal(size=3)
moved = members @ M.T + shift
verify(
    "the image of the plane under x ↦ Mx + c: rank of its directions",
    rank((moved - moved[0]).T),
    2,
)

# %% [markdown]
r"""
## Lengths and angles

(euclidean-distance)=
So far there was no length. Pythagoras gives one: the *distance* $d(a,b)=\|a-b\|_2=\sqrt{\sum_i|a_i-b_i|^2}$ and the *length* $\|x\|_2=d(x,0)=\sqrt{x^\top x}$. A distance obeys three rules (the *metric* axioms): $d\ge0$ with equality iff $a=b$; $d(a,b)=d(b,a)$; no detour is shorter, $d(a,c)\le d(a,b)+d(b,c)$.

:::{admonition} A distance is a number
:class: correction
**The notes say** that $d(a,b)$ is a vector.

**Right is:** only $a-b$ is a vector; the distance is a non-negative number.
:::
"""

# %%
rng = np.random.default_rng(11)
a, b, c = rng.normal(size=(3, 1000, 7))
d = lambda a, b: np.sqrt(np.sum((a - b) ** 2, axis=-1))
verify(
    "the distance of two vectors of R⁷ has shape (), their difference",
    (np.shape(d(a[0], b[0])), (a[0] - b[0]).shape),
    ((), (7,)),
)
by_cdist = np.diag(spatial.distance.cdist(a, b))
for name, other in (
    ("np.linalg.norm", np.linalg.norm(a - b, axis=1)),
    ("scipy's cdist", by_cdist),
    ("√(x·x)", [np.sqrt(x @ x) for x in a - b]),
):
    verify(f"1000 distances by hand, and by {name}", d(a, b), other, atol=1e-12)
verify_at_least("Euclidean distance of 1000 pairs of different points", d(a, b), 1e-6)
verify(
    "d(a,a), and d(a,b) − d(b,a)",
    np.array([d(a, a), d(a, b) - d(b, a)]),
    np.zeros((2, 1000)),
    atol=0,
)
verify_at_most(
    "d(a,c) − d(a,b) − d(b,c) on 1000 triples",
    d(a, c) - d(a, b) - d(b, c),
    0.0,
    atol=1e-12,
)

# %% [markdown]
r"""
(norm)=
### What may call itself a length

:::{prf:definition} Norm
:label: def-la-norm
$\|\cdot\|:V\to[0,\infty)$ is a *norm* if $\|\lambda x\|=|\lambda|\,\|x\|$ (homogeneous), $\|x+y\|\le\|x\|+\|y\|$ (triangle inequality), and $\|x\|=0$ only for $x=0$ (definite).
:::

(lp-norms)=
The most used family, for $p\ge1$, is

$$
\|x\|_p=\Bigl(\sum_{i=1}^n|x_i|^p\Bigr)^{1/p},\qquad\|x\|_\infty=\max_i|x_i|
$$ (eq-la-lp)

with $p=1$ the *Manhattan* and $p=2$ the *Euclidean* norm. The maximum is their limit: pull out $m=\max|x_i|$, and what remains is between $1$ and $n^{1/p}\to1$. All of them are convex, $\|x-y\|_p$ is a metric, and $\|x\|_p$ decreases in $p$. Between the first two, Cauchy–Schwarz with the signs of $x$ gives $\|x\|_2\le\|x\|_1\le\sqrt n\,\|x\|_2$. Drag $p$ and look at all vectors of length one. Below $p=1$ the ball caves in, and the triangle inequality is gone.
"""

# %% tags=["hide-input"]
angle = np.linspace(0, 2 * np.pi, 801)
circle = np.array([np.cos(angle), np.sin(angle)])


def ball(p):
    q = {"∞": np.inf}.get(p) or float(p)
    fig, ax = plt.subplots(figsize=(6.8, 3.3))
    size = (
        np.max(abs(circle), axis=0)
        if np.isinf(q)
        else np.sum(abs(circle) ** q, axis=0) ** (1 / q)
    )
    ax.fill(*(circle / size), color=plot.BLUE if q >= 1 else plot.RED, alpha=0.3)
    ax.plot(*(circle / size), color=plot.BLUE if q >= 1 else plot.RED)
    ax.set(
        aspect="equal",
        xlim=(-2.3, 2.3),
        ylim=(-1.15, 1.15),
        xlabel="$x_1$",
        ylabel="$x_2$",
        title="all vectors of length at most 1"
        + ("" if q >= 1 else ": not convex, not a norm"),
    )
    return fig


explore(
    ball,
    alt="The set of vectors of p-norm at most one: a diamond at p = 1, a disc at 2, a square at infinity, and a star with hollow sides at one half",
    p=["0.5", "1", "1.5", "2", "4", "16", "∞"],
)

# %%
p_norm = lambda x, p: np.max(abs(x)) if np.isinf(p) else np.sum(abs(x) ** p) ** (1 / p)


def broken_norm_rule(f, n=3, seed=12):
    """The first rule of a norm that f breaks, with the vectors that show it; or "none"."""
    rng = np.random.default_rng(seed)
    for e in np.eye(n):
        if f(e) < 1e-12:
            return "definite", e
    for _ in range(1000):
        x, y, a = rng.normal(size=n), rng.normal(size=n), rng.normal()
        if not np.isclose(f(a * x), abs(a) * f(x), rtol=1e-9):
            return "homogeneous", x
        if f(x + y) > f(x) + f(y) + 1e-12:
            return "triangle", x, y
    return "none", None


# %%
A = np.array([[2.0, 1, 0], [1, 2, 0], [0, 0, 1]])
lengths = {
    "1-norm": (lambda x: p_norm(x, 1), "none"),
    "2-norm": (lambda x: p_norm(x, 2), "none"),
    "maximum norm": (lambda x: p_norm(x, np.inf), "none"),
    "√(xᵀAx), A positive definite": (lambda x: np.sqrt(x @ A @ x), "none"),
    "‖x‖²": (lambda x: x @ x, "homogeneous"),
    "|x₁|": (lambda x: abs(x[0]), "definite"),
    "p = ½": (lambda x: p_norm(x, 0.5), "triangle"),
}
for name, (f, expected) in lengths.items():
    verdict, *witness = broken_norm_rule(f)
    verify(f"{name}: broken rule of a norm", verdict, expected)
    if verdict != "none":
        print(
            "   counterexample:",
            *("(" + ", ".join(f"{entry:.2f}" for entry in v) + ")" for v in witness),
        )

# %%
xs, e1, ones = rng.normal(size=(1000, 10)), np.eye(10)[0], np.ones(10)
verify(
    "‖(3,4)‖₂ and ‖(−1,2)‖₁",
    [p_norm(np.array([3, 4]), 2), p_norm(np.array([-1, 2]), 1)],
    [5.0, 3.0],
    rtol=1e-15,
)
one, two = (np.array([p_norm(x, p) for x in xs]) for p in (1, 2))
verify_at_most("‖x‖₂ − ‖x‖₁ for 1000 vectors of R¹⁰", two - one, 0.0)
verify_at_most("‖x‖₁ − √10 ‖x‖₂ for 1000 vectors of R¹⁰", one - np.sqrt(10) * two, 0.0)
verify(
    "equality: e₁ on the left, all ones on the right",
    [p_norm(e1, 1), p_norm(ones, 1)],
    [p_norm(e1, 2), np.sqrt(10) * p_norm(ones, 2)],
    rtol=1e-12,
)
x = np.array([1.0, -0.85, 0.6, 0.3])
falling = np.array([p_norm(x, p) for p in (1, 2, 4, 16, 64, 256)])
verify_at_most("steps of ‖x‖ₚ for p = 1, 2, 4, …, 256", np.diff(falling), 0.0)
verify("‖x‖ₚ at p = 256 against the maximum", falling[-1], 1.0, atol=1e-9)
x, y = rng.normal(size=(2, 10_000, 5))
for p in (1, 1.5, 3):
    verify_at_most(
        f"p = {p}: ‖x+y‖ − ‖x‖ − ‖y‖ on 10⁴ pairs",
        np.linalg.norm(x + y, p, axis=1)
        - np.linalg.norm(x, p, axis=1)
        - np.linalg.norm(y, p, axis=1),
        0.0,
        atol=1e-12,
    )
verify(
    "p = ½: e₁ + e₂ has length 4, more than 1 + 1",
    p_norm(np.array([1, 1]), 0.5),
    4.0,
    rtol=1e-12,
)

# %% [markdown]
r"""
Each impostor was caught by a vector or two. A single counterexample settles the matter; a thousand passed tests only make a proof worth looking for.

(inner-product)=
### Inner products

Length alone knows no angles. For those one needs to multiply two vectors.

:::{prf:definition} Inner product
:label: def-la-inner
$\langle\cdot,\cdot\rangle:V\times V\to\mathbb R$ is an *inner product* if it is bilinear (linear in each argument), symmetric, and positive definite, $\langle x,x\rangle>0$ for $x\ne0$.
:::

:::{admonition} Not a distance
:class: correction
**The notes say** that positive definiteness means no negative distances, and symmetry equal distance both ways.

**Right is:** an inner product is not a distance. $\langle x,y\rangle$ is negative for half of all pairs; definiteness concerns $\langle x,x\rangle$ only.
:::
"""


# %%
def broken_inner_rule(A, seed=13):
    inner, rng = lambda x, y: x @ A @ y, np.random.default_rng(seed)
    for _ in range(1000):
        x, y, z, a = (
            rng.normal(size=2),
            rng.normal(size=2),
            rng.normal(size=2),
            rng.normal(),
        )
        if not np.isclose(inner(x + a * y, z), inner(x, z) + a * inner(y, z)):
            return "bilinear", x
        if not np.isclose(inner(x, y), inner(y, x)):
            return "symmetric", x
        if inner(x, x) <= 0:
            return "definite", x
    return "none", None


for A, expected in (
    ([[2, 1], [1, 2]], "none"),
    ([[1, 2], [2, 1]], "definite"),
    ([[1, 1], [0, 1]], "symmetric"),
):
    rule, x = broken_inner_rule(np.array(A))
    verify(f"xᵀAy with A = {A}: broken rule of an inner product", rule, expected)
    if rule == "definite":
        print(f"   x = ({x[0]:.2f}, {x[1]:.2f}) has ⟨x,x⟩ = {x @ A @ x:.2f}")
x, y = rng.normal(size=(2, 10_000, 2))
verify_within_se(
    "share of random pairs with negative inner product",
    (np.sum(x @ [[2, 1], [1, 2]] * y, axis=1) < 0).astype(float),
    0.5,
)

# %% [markdown]
r"""
(gram-matrix-of-basis)=
Every inner product on a finite-dimensional space is a matrix. For $x=\sum_i\psi_ib_i$ and $y=\sum_j\lambda_jb_j$ bilinearity gives

$$
\langle x,y\rangle=\sum_{i,j}\psi_i\,\langle b_i,b_j\rangle\,\lambda_j=\hat x^\top A\,\hat y,\qquad A_{ij}=\langle b_i,b_j\rangle .
$$ (eq-la-gram)

This *Gram matrix* is symmetric and $\hat x^\top A\hat x=\langle x,x\rangle>0$: it is *symmetric positive definite* (SPD). Conversely every SPD matrix defines an inner product.

:::{admonition} What the Gram matrix holds
:class: correction
**The notes say** that its entries are norms amongst basis vectors.

**Right is:** they are inner products; only the diagonal holds (squared) norms, and the rest may be negative.
:::
"""

# %%
B = np.array(
    [[1.0, -1, 0.5, 0], [0, 1, 2, 1], [1, 0, 1, -1], [0, 2, 0, 1]]
)  # a basis in the columns
A = B.T @ B
p, q = rng.normal(size=(2, 4))
verify("dot product from coordinates: p̂ᵀAq̂", p @ A @ q, (B @ p) @ (B @ q), atol=1e-10)
verify(
    "the diagonal holds squared lengths",
    np.diag(A),
    np.linalg.norm(B, axis=0) ** 2,
    rtol=1e-12,
)
verify("an entry off the diagonal: b₁·b₂, not a length", A[0, 1], -1.0, rtol=1e-12)
verify_at_least("eigenvalues of this Gram matrix", np.linalg.eigvalsh(A), 1e-3)
F = rng.normal(size=(2, 2))
verify(
    "a random SPD matrix FᵀF + I: broken rule of an inner product",
    broken_inner_rule(F.T @ F + np.eye(2))[0],
    "none",
)

# %% [markdown]
r"""
(induced-norm-and-distance)=
An inner product brings its own norm $\|x\|=\sqrt{\langle x,x\rangle}$ and distance $\|x-y\|$. Not every norm arises so. Expanding both squares, the mixed terms cancel:

$$
\|x+y\|^2+\|x-y\|^2=2\|x\|^2+2\|y\|^2
$$ (eq-la-parallelogram)

and this *parallelogram law* holds exactly for the norms that come from an inner product. The 1-norm fails at $e_1,e_2$: $4+4\ne2+2$.

(cauchy-schwarz)=
### The inequality behind angles

:::{prf:theorem} Cauchy–Schwarz
:label: thm-la-cauchy-schwarz
$|\langle u,v\rangle|\le\|u\|\,\|v\|$, with equality exactly when $u$ and $v$ are dependent.
:::

:::{prf:proof}
A squared length is never negative. For $v\neq0$ walk from $u$ along $v$:

$$
0\le\|u-tv\|^2=\|u\|^2-2t\,\langle u,v\rangle+t^2\|v\|^2 .
$$ (eq-la-parabola)

The parabola is lowest at $t=\langle u,v\rangle/\|v\|^2$, where it is $\|u\|^2-\langle u,v\rangle^2/\|v\|^2\ge0$. It touches zero only if $u=tv$.
:::

For lists of numbers it reads $(\sum x_iy_i)^2\le\sum x_i^2\sum y_i^2$. Turn $u$ and see how low the parabola gets.

(angle-between-vectors)=
By the theorem, $\langle x,y\rangle/(\|x\|\|y\|)$ lies in $[-1,1]$, so that it may be called a cosine:

$$
\cos\omega=\frac{\langle x,y\rangle}{\|x\|\,\|y\|}
$$ (eq-la-angle)

Which angle it is depends on the inner product; so does [orthogonality](#orthogonality).
"""


# %% tags=["hide-input"]
def touch(angle):
    u, v = 1.5 * turn(np.radians(angle))[:, 0], np.array([1.2, 0])
    t = np.linspace(-2.2, 2.2, 200)
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    left.plot([-3, 3], [0, 0], ":", color=plot.GREY)
    arrow(left, v, plot.BLUE, "$v$")
    arrow(left, u, plot.RED, "$u$")
    best = u @ v / (v @ v)
    left.plot([u[0], best * v[0]], [u[1], 0], color=plot.ORANGE)
    left.set(
        aspect="equal",
        xlim=(-2, 2.2),
        ylim=(-0.6, 2),
        title=f"cos ω = {u @ v / 1.5 / 1.2:.2f}".replace("-", "−"),
    )
    right.plot(t, [np.sum((u - s * v) ** 2) for s in t], color=plot.GREY)
    right.plot(best, np.sum((u - best * v) ** 2), "o", color=plot.ORANGE)
    right.set(xlabel="$t$", title=r"$\|u-tv\|^2$", ylim=(-0.5, 8))
    return fig


explore(
    touch,
    alt="Left two vectors at an angle, right the squared length of u minus t v as a parabola in t; its lowest point touches zero only when the vectors are parallel",
    angle=[150, 120, 90, 60, 40, 20, 0],
)

# %%
A = np.array([[2.0, 1], [1, 2]])
x, y = rng.normal(size=(2, 10_000, 2))
forms = {"dot product": np.eye(2), "xᵀAy": A}
for name, G in forms.items():
    inner = lambda u, v: np.einsum("...i,ij,...j", u, G, v)
    verify_at_most(
        f"{name}: |⟨u,v⟩|/(‖u‖‖v‖) on 10⁴ pairs",
        abs(inner(x, y)) / np.sqrt(inner(x, x) * inner(y, y)),
        1 + 1e-12,
    )
    verify(
        f"{name}: equality for parallel vectors",
        abs(inner(x, -3 * x)) / np.sqrt(inner(x, x) * inner(3 * x, 3 * x)),
        np.ones(10_000),
        atol=1e-12,
    )
    verify(
        f"{name}: the parallelogram law",
        inner(x + y, x + y) + inner(x - y, x - y),
        2 * inner(x, x) + 2 * inner(y, y),
        rtol=1e-12,
    )
    z, dist = rng.normal(size=(10_000, 2)), lambda u, v: np.sqrt(inner(u - v, u - v))
    verify_at_most(
        f"{name}: its distance obeys the triangle inequality",
        dist(x, z) - dist(x, y) - dist(y, z),
        0.0,
        atol=1e-12,
    )
e, f = np.eye(2)
verify(
    "1-norm at e₁, e₂: the two sides of the parallelogram law",
    [np.abs(e + f).sum() ** 2 + np.abs(e - f).sum() ** 2, 2 + 2],
    [8.0, 4.0],
)
cosine = lambda u, v, G: u @ G @ v / np.sqrt((u @ G @ u) * (v @ G @ v))
verify(
    "angle of (1,1) and (1,0) in degrees",
    np.degrees(np.arccos(cosine(np.ones(2), e, np.eye(2)))),
    45.0,
    rtol=1e-12,
)
verify(
    "cosine of (1,1) and (1,0) under A = [[2,1],[1,2]]",
    cosine(np.ones(2), e, A),
    3 / np.sqrt(12),
    rtol=1e-12,
)

# %% [markdown]
r"""
(orthogonality)=
Vectors are *orthogonal*, $x\perp y$, if $\langle x,y\rangle=0$, and *orthonormal* if in addition their lengths are 1. Then $\|x+y\|^2=\|x\|^2+\|y\|^2$, which is Pythagoras. Non-zero orthogonal vectors are independent: take the inner product of $\sum\alpha_ix_i=0$ with $x_j$, and only $\alpha_j\|x_j\|^2=0$ is left.

(similarity-versus-distance)=
Is a large inner product the same as a small distance? Expand the square:

$$
\|x-y\|^2=\|x\|^2+\|y\|^2-2\langle x,y\rangle .
$$ (eq-la-similarity)

For vectors of one fixed length yes; they sort the world in the same order. Otherwise a long vector is "similar" to everybody.

:::{admonition} Similar, or just long?
:class: correction
**The notes say** that a large inner product means a small distance, and vice versa.

**Right is:** only for normalised vectors. $x=(1,0)$ has inner product 10 with $10x$, at distance 9, but 1 with itself, at distance 0. Among the handwritten digits the nearest image and the one with the largest inner product differ nine times out of ten.
:::
"""

# %%
from scipy.stats import spearmanr

x = np.array([1, 0])
verify(
    "x = (1,0): inner product with 10x and with x; distances",
    [x @ (10 * x), x @ x, d(x, 10 * x), d(x, x)],
    [10, 1, 9, 0],
    rtol=1e-15,
)
X = datasets.load_digits().data
inner = X @ X.T
squares = np.diag(inner)[:, None] + np.diag(inner) - 2 * inner
verify(
    "distances of the first 200 digits from inner products",
    squares[:200, :200],
    spatial.distance.cdist(X[:200], X[:200]) ** 2,
    atol=1e-6,
)
np.fill_diagonal(squares, np.inf)
np.fill_diagonal(inner, -np.inf)
verify_at_least(
    "share of digits whose nearest and most similar image differ",
    np.mean(squares.argmin(1) != inner.argmax(1)),
    0.8,
)
unit = X[:200] / np.linalg.norm(X[:200], axis=1, keepdims=True)
pairs = np.triu_indices(200, 1)
verify(
    "unit vectors: rank correlation of inner product and distance",
    spearmanr((unit @ unit.T)[pairs], spatial.distance.pdist(unit))[0],
    -1.0,
    atol=1e-6,
)
p, q = np.array([1.0, 1]), np.array([-1.0, 1])
verify(
    "(1,1) and (−1,1): dot product, and inner product with diag(2,1)",
    [p @ q, p @ np.diag([2.0, 1]) @ q],
    [0.0, -1.0],
    atol=0,
)
verify(
    "Pythagoras: ‖x + y‖² = ‖x‖² + ‖y‖²",
    np.sum((p + q) ** 2),
    np.sum(p**2) + np.sum(q**2),
    atol=1e-12,
)

# %% [markdown]
r"""
## Right angles

(orthonormal-basis)=
### A basis one need not solve for

In a general basis finding coordinates means solving a system. In an *orthonormal basis*, mutually orthogonal vectors of length 1, it means taking inner products: multiply $x=\sum_i\alpha_ib_i$ by $b_j$ and everything but $\alpha_j$ vanishes.

$$
x=\sum_i\langle b_i,x\rangle\,b_i,\qquad\|x\|^2=\sum_i\langle b_i,x\rangle^2
$$ (eq-la-parseval)

The second is *Parseval's* identity, Pythagoras in $n$ dimensions. The cosines $\cos\bigl(\pi k(j+\frac12)/n\bigr)$, scaled to length 1, are such a basis of $\mathbb R^n$; every JPEG file is a list of inner products with it.
"""

# %%
rng = np.random.default_rng(14)
n = 320
C = np.cos(np.pi * np.outer(np.arange(n) + 0.5, np.arange(n)) / n)
C /= np.linalg.norm(C, axis=0)
xs = rng.normal(size=(6, 100))
for name, Q, X in (
    ("random orthonormal basis of R⁶", np.linalg.qr(rng.normal(size=(6, 6)))[0], xs),
    ("cosine basis, a row of the photograph", C, photo[100:101].T),
):
    alpha = Q.T @ X
    verify(
        f"{name}: rebuilt from inner products",
        sum(np.outer(q, a) for q, a in zip(Q.T, alpha)),
        X,
        atol=1e-12,
    )
    verify(
        f"{name}: Parseval", np.sum(alpha**2, axis=0), np.sum(X**2, axis=0), rtol=1e-12
    )

# %%
from scipy.fft import dct

verify(
    "the cosine coordinates are scipy's discrete cosine transform",
    C.T @ photo[100],
    dct(photo[100], norm="ortho"),
    atol=1e-12,
)

# %% [markdown]
r"""
(function-inner-product)=
### Angles between functions

A sum over coordinates becomes an integral over points:

$$
\langle u,v\rangle=\int_a^bu(x)\,v(x)\,dx .
$$ (eq-la-function-inner)

It is bilinear, symmetric, and for continuous functions definite. On $[-\pi,\pi]$ sine and cosine are orthogonal, and so are $\sin x,\sin2x,\sin3x,\dots$, each of length $\sqrt\pi$. Coordinates of a function in this basis, again plain inner products, are its *Fourier series*. A square wave has the coefficients

$$
\frac1\pi\int_{-\pi}^\pi\operatorname{sign}(x)\sin kx\,dx=\frac2\pi\int_0^\pi\sin kx\,dx=\frac2{\pi k}(1-\cos k\pi),
$$ (eq-la-square-wave)

that is $\frac4{\pi k}$ for odd $k$ and zero for even.
"""

# %%
inner = lambda u, v: integrate.quad(lambda x: u(x) * v(x), -np.pi, np.pi, points=[0])[0]
wave = lambda k: lambda x: np.sin(k * x)
table = np.array([[inner(wave(m), wave(n)) for n in range(1, 5)] for m in range(1, 5)])
verify("⟨sin, cos⟩ on [−π, π]", inner(np.sin, np.cos), 0.0, atol=1e-12)
verify("⟨sin mx, sin nx⟩ for m, n = 1, …, 4", table, np.pi * np.eye(4), atol=1e-10)
odd = np.arange(1, 20, 2)
verify(
    "square wave: coordinates along sin x, sin 3x, …, sin 19x",
    [inner(np.sign, wave(k)) / np.pi for k in odd],
    4 / (np.pi * odd),
    atol=1e-6,
)


# %% tags=["hide-input"]
def fourier(harmonics):
    x = np.linspace(-np.pi, np.pi, 801)
    ks = np.arange(1, 2 * harmonics, 2)
    fig, ax = plt.subplots(figsize=(6.8, 3.1))
    ax.plot(x, np.sign(x), color=plot.GREY, lw=1)
    ax.plot(
        x,
        4 / np.pi * np.sum(np.sin(np.outer(ks, x)) / ks[:, None], axis=0),
        color=plot.RED,
    )
    left = np.sqrt(max(0, 1 - 8 / np.pi**2 * np.sum(1 / ks**2)))
    ax.set(
        xlabel="$x$",
        ylim=(-1.5, 1.5),
        title=f"{100 * left:.0f} % of the length still missing",
    )
    return fig


explore(
    fourier,
    alt="A square wave and its approximation by the first odd sine waves, closer with every harmonic except for an overshoot beside each jump",
    harmonics=[1, 2, 3, 5, 10, 20],
)

# %% [markdown]
r"""
(gram-schmidt)=
### Making a basis orthonormal

Take independent $a_1,\dots,a_k$ one after the other, remove from each what points along the earlier ones, and normalise:

$$
u_j=a_j-\sum_{i<j}\langle q_i,a_j\rangle\,q_i,\qquad q_j=u_j/\|u_j\| .
$$ (eq-la-gram-schmidt)

$u_j$ is orthogonal to $q_l$ for $l<j$, since $\langle q_l,u_j\rangle=\langle q_l,a_j\rangle-\langle q_l,a_j\rangle$. And $a_j$ is a combination of $q_1,\dots,q_j$, so the spans agree step by step. Written as a matrix this is $A=QR$ with triangular $R$.

The *modified* variant differs in one symbol: it measures the overlap with what is left of $a_j$ instead of with $a_j$ itself. On paper that is the same. On the nearly dependent columns of the Hilbert matrix $h_{ij}=1/(i+j-1)$ it is not.
"""


# %%
def gram_schmidt(A, modified=True):
    Q = np.zeros_like(A)
    for j, a in enumerate(A.T):
        u = a.copy()
        for q in Q.T[:j]:
            u -= q @ (u if modified else a) * q
        Q[:, j] = u / np.linalg.norm(u)
    return Q, Q.T @ A


# %%
A = rng.normal(size=(6, 4))
Q, R = gram_schmidt(A)
verify("Gram–Schmidt on a random 6×4: QᵀQ = I", Q.T @ Q, np.eye(4), atol=1e-10)
verify(
    "Gram–Schmidt: QR = A, with R triangular",
    np.vstack([Q @ R - A, np.tril(R, -1)]),
    np.zeros((10, 4)),
    atol=1e-10,
)
theirs = np.linalg.qr(A)[0]
verify(
    "Gram–Schmidt gives the library's Q up to the signs of columns",
    Q,
    theirs * np.sign(np.sum(Q * theirs, axis=0)),
    atol=1e-10,
)
lost = {
    kind: [
        np.linalg.norm(
            np.eye(n) - (Q := gram_schmidt(linalg.hilbert(n), kind)[0]).T @ Q
        )
        for n in range(2, 13)
    ]
    for kind in (True, False)
}
verify_at_least(
    "10×10 Hilbert matrix: orthogonality lost by the classical over the modified variant",
    lost[False][8] / lost[True][8],
    100.0,
)
mirrors = np.linalg.qr(linalg.hilbert(10))[0]
verify(
    "10×10 Hilbert matrix: QᵀQ by the library's reflections",
    mirrors.T @ mirrors,
    np.eye(10),
    atol=1e-12,
)

# %% mystnb={"image": {"alt": "Loss of orthogonality against the size of the Hilbert matrix on a logarithmic axis: the classical variant reaches order one at size seven, the modified one rises later and more slowly."}} tags=["hide-input"]
plt.semilogy(range(2, 13), lost[False], "o-", color=plot.RED, label="classical")
plt.semilogy(range(2, 13), lost[True], "o-", color=plot.BLUE, label="modified")
plt.xlabel("size of the Hilbert matrix")
plt.ylabel(r"$\|I-Q^\top Q\|_F$")
plt.legend()
plt.show()

# %% [markdown]
r"""
At size seven the classical variant has lost everything, while the modified one loses digits only as fast as the basis degenerates. Libraries use neither: they multiply by mirrors (*Householder* reflections), and their $Q$ is orthogonal to the last digit.

(orthogonal-matrix)=
### Matrices that keep lengths

A square $Q$ with orthonormal columns is called *orthogonal* (*unitary* in the complex case). Then $Q^\top Q=I$, so $Q^\top$ is the inverse, and therefore $QQ^\top=I$ too. It keeps inner products, $\langle Qx,Qy\rangle=x^\top Q^\top Qy=\langle x,y\rangle$, hence lengths, angles and distances; and $\det Q=\pm1$, because $1=\det Q^\top Q=(\det Q)^2$. Turns and mirrors, nothing else.

:::{admonition} Orthogonal means square
:class: correction
**The notes say** that a matrix with orthonormal columns is orthogonal and satisfies $AA^\top=I=A^\top A$.

**Right is:** that needs a square matrix. For a tall one $A^\top A=I$ still holds, but $AA^\top$ is only a projection: for $5\times2$ it misses $I_5$ by $\sqrt3$.
:::
"""

# %%
tall = np.linalg.qr(rng.normal(size=(5, 2)))[0]
verify("5×2 with orthonormal columns: QᵀQ", tall.T @ tall, np.eye(2), atol=1e-12)
verify(
    "… and the distance of QQᵀ from I₅",
    np.linalg.norm(tall @ tall.T - np.eye(5)),
    np.sqrt(3),
    rtol=1e-12,
)
Q = np.linalg.qr(rng.normal(size=(5, 5)))[0]
xs = rng.normal(size=(5, 100))
verify(
    "orthogonal 5×5: QᵀQ and QQᵀ",
    np.array([Q.T @ Q, Q @ Q.T]),
    np.array([np.eye(5)] * 2),
    atol=1e-12,
)
verify(
    "orthogonal 5×5: lengths and angles of 100 vectors are kept",
    (Q @ xs).T @ (Q @ xs),
    xs.T @ xs,
    atol=1e-12,
)
verify("orthogonal 5×5: |det Q|", abs(det(Q)), 1.0, rtol=1e-12)

# %% [markdown]
r"""
(orthogonal-complement)=
### The nearest point

All vectors orthogonal to a subspace $U$ form its *orthogonal complement* $U^\perp$. Extend an orthonormal basis of $U$ ($M$ vectors) to one of the whole space ($D$ vectors): the $D-M$ new ones are a basis of $U^\perp$, so every $v$ splits in exactly one way as $u+u^\perp$. A plane in space is described by its normal.

(projection)=
The map $v\mapsto u$ is a *projection*: doing it twice changes nothing, $P^2=P$. From $Pv=\lambda v$ follows $\lambda v=P^2v=\lambda^2v$, so its eigenvalues are 0 and 1, and its trace counts the ones. Projections can also be slanted, like $\begin{pmatrix}1&1\\0&0\end{pmatrix}$, a shadow in the afternoon. The *orthogonal* ones are those that are also symmetric: $P=P^\top$ says $\langle Px,y-Py\rangle=x^\top(P-P^2)y=0$, the shadow at noon. Only those never lengthen a vector.

(projection-onto-line)=
Onto a line: which multiple of $b$ is nearest to $x$? The residual $x-\lambda b$ must be orthogonal to $b$ (the parabola [above](#eq-la-parabola) is lowest there), so $b^\top x=\lambda\,b^\top b$ and

$$
\pi(x)=\frac{b^\top x}{b^\top b}\,b=Px,\qquad P=\frac{bb^\top}{b^\top b} .
$$ (eq-la-line)

Slide along the line: the distance is smallest exactly where the angle is right.
"""


# %% tags=["hide-input"]
def slide(lam):
    x, b = np.array([1.2, 2.4]), np.array([2.0, 1.0])
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    left.plot(*np.outer(b, [-0.6, 2]), color=plot.GREY, lw=1)
    arrow(left, x, plot.BLUE, "$x$")
    arrow(left, lam * b, plot.GREEN, r"$\lambda b$")
    best = abs((x - lam * b) @ b) < 0.01
    left.plot(*np.array([x, lam * b]).T, color=plot.RED if best else plot.ORANGE)
    left.set(
        aspect="equal",
        xlim=(-0.9, 4),
        ylim=(-0.5, 3.1),
        title="at a right angle: nearest" if best else "not at a right angle",
    )
    s = np.linspace(-0.3, 1.9, 100)
    right.plot(s, [np.linalg.norm(x - t * b) for t in s], color=plot.GREY)
    right.plot(
        lam,
        np.linalg.norm(x - lam * b),
        "o",
        ms=10,
        color=plot.RED if best else plot.ORANGE,
    )
    right.set(xlabel=r"$\lambda$", title="distance", ylim=(1.5, 3.2))
    return fig


explore(
    slide,
    alt="Left a vector x and a point that slides along a line, joined by a segment; right their distance, smallest where the segment meets the line at a right angle",
    lam=[0.0, 0.32, 0.64, 0.96, 1.28, 1.6],
)

# %%
b, x = np.array([1.0, 2, 2]), rng.normal(size=3)
P = np.outer(b, b) / (b @ b)
verify("projection on (1,2,2)", P * 9, [[1.0, 2, 2], [2, 4, 4], [2, 4, 4]], rtol=1e-15)
steps = np.linspace(-5, 5, 20_001)
verify(
    "nearest multiple of b by search",
    steps[np.argmin([np.sum((x - s * b) ** 2) for s in steps])],
    (b @ x) / (b @ b),
    atol=1e-3,
)
verify("x − Px is orthogonal to b", b @ (x - P @ x), 0.0, atol=1e-12)
oblique = np.array([[1.0, 1], [0, 0]])
projectors = (("orthogonal", P, True), ("slanted", oblique, False))
for name, P, symmetric in projectors:
    verify(f"{name} projection: P²", P @ P, P, atol=1e-12)
    verify(
        f"{name} projection: eigenvalues",
        np.sort(np.linalg.eigvals(P).real),
        [0.0] * (len(P) - 1) + [1.0],
        atol=1e-12,
    )
    verify(
        f"{name} projection: trace is the rank", np.trace(P), float(rank(P)), rtol=1e-12
    )
    xs = rng.normal(size=(len(P), 1000))
    verify(
        f"{name} projection: symmetric, never lengthens",
        (
            bool(np.allclose(P, P.T)),
            bool(
                np.all(
                    np.linalg.norm(P @ xs, axis=0) <= np.linalg.norm(xs, axis=0) + 1e-12
                )
            ),
        ),
        (symmetric, symmetric),
    )
basis_U = rng.normal(size=(5, 2))
U_perp, v = linalg.null_space(basis_U.T), rng.normal(size=5)
u, u_perp = projector(basis_U) @ v, U_perp @ (U_perp.T @ v)
verify("a plane in R⁵: dimension of its complement", U_perp.shape[1], 3)
verify(
    "the two parts of v add up, and are orthogonal",
    np.append(u + u_perp - v, u @ u_perp),
    np.zeros(6),
    atol=1e-12,
)

# %% [markdown]
r"""
(orthogonal-projection-onto-subspace)=
Onto the span of independent columns $B$ the same argument gives the most used formula of statistics.

:::{prf:theorem} Orthogonal projection
:label: thm-la-projection
The point of $\operatorname{im}B$ nearest to $x$ is $Px$ with $P=B(B^\top B)^{-1}B^\top$; with orthonormal columns $P=BB^\top$.
:::

:::{prf:proof}
Write the point as $B\lambda$ and ask that the residual be orthogonal to every column: $B^\top(x-B\lambda)=0$, so $B^\top B\lambda=B^\top x$ ($B^\top B$ is invertible, since $B^\top Bz=0$ gives $\|Bz\|^2=0$ and $z=0$). Any other point $B\lambda'$ is farther, by Pythagoras:

$$
\|x-B\lambda'\|^2=\|x-B\lambda\|^2+\|B(\lambda-\lambda')\|^2 .
$$ (eq-la-nearest)
:::

*Least squares* is this and nothing else: $y$ is projected on the span of the features. Where $y$ lies outside the span, nothing the model does can follow it.
"""

# %%
from sklearn.linear_model import LinearRegression

patients = data.diabetes()
B, y = (
    np.column_stack([np.ones(342), patients.X_train]),
    patients.y_train,
)  # (342, 11), (342,)
P = B @ np.linalg.solve(B.T @ B, B.T)
verify(
    "least-squares projector: P² = P = Pᵀ",
    np.array([P @ P, P.T]),
    np.array([P, P]),
    atol=1e-10,
)
verify("rank of the least-squares projector: ten features and a constant", rank(P), 11)
verify(
    "the residual is orthogonal to every feature",
    B.T @ (y - P @ y),
    np.zeros(11),
    atol=1e-10,
)
model = LinearRegression().fit(patients.X_train, y)
verify(
    "fitted values of scikit-learn's LinearRegression are Py",
    model.predict(patients.X_train),
    P @ y,
    atol=1e-8,
)
others = (P @ y)[:, None] + B @ rng.normal(0, 0.01, (11, 1000))
verify_at_least(
    "1000 other points of the span: squared distance beyond the nearest",
    np.sum((y[:, None] - others) ** 2, axis=0) - np.sum((y - P @ y) ** 2),
    1e-6,
)
Q = gram_schmidt(B)[0]
verify("with an orthonormal basis P = QQᵀ", Q @ Q.T, P, atol=1e-10)

# %% [markdown]
r"""
## Directions that stay

(eigenvalues-and-eigenvectors)=
### Which vectors does a matrix only stretch?

Drag the blue unit vector around. Its red image under $\begin{pmatrix}2&1\\1&2\end{pmatrix}$ usually points elsewhere. On the two dotted lines it does not.
"""


# %% tags=["hide-input"]
def spin(angle):
    A, x = np.array([[2, 1], [1, 2]]), turn(np.radians(angle))[:, 0]
    fig, ax = plt.subplots(figsize=(6.8, 3.5))
    for line in ([[-4, 4], [-4, 4]], [[-4, 4], [4, -4]]):
        ax.plot(*line, ":", color=plot.GREY)
    ax.plot(*circle, color=plot.SKY, lw=0.9)
    ax.plot(*(A @ circle), color=plot.ORANGE, lw=0.9)
    arrow(ax, A @ x, plot.RED, "$Ax$")
    arrow(ax, x, plot.BLUE, "$x$")
    stays = abs(x[0] * (A @ x)[1] - x[1] * (A @ x)[0]) < 1e-9
    ax.set(
        aspect="equal",
        xlim=(-5, 5),
        ylim=(-2.6, 2.6),
        xlabel="$x_1$",
        ylabel="$x_2$",
        title=f"same line, stretched by {x @ A @ x:.0f}" if stays else "turned",
    )
    return fig


explore(
    spin,
    alt="A unit vector on a circle and its image on an ellipse; on the two diagonals, dotted, vector and image lie on one line",
    angle=[10, 25, 45, 60, 80, 100, 120, 135, 150],
)

# %% [markdown]
r"""
:::{prf:definition} Eigenvector and eigenvalue
:label: def-la-eigen
$v\ne0$ is an *eigenvector* of the square matrix $A$ with *eigenvalue* $\lambda$ if $Av=\lambda v$.
:::

Any non-zero multiple of $v$ is one again: what is special is the line. There is a method to find one that uses nothing but multiplication. Write a start in eigenvectors, $x=\sum_ic_iv_i$; after $t$ steps $A^tx=\sum_ic_i\lambda_i^tv_i$, and the largest $|\lambda|$ has outgrown the rest. This *power iteration* is how the web was first ranked {cite:p}`brin1998`.
"""


# %%
def power_iteration(A, x, steps):
    for _ in range(steps):
        x = A @ x
        x = x / np.linalg.norm(x)
    return x @ A @ x, x


A = np.array([[2, 1], [1, 2]])
verify(
    "[[2,1],[1,2]] times (1,1) and times (1,−1)",
    A @ [[1, 1], [1, -1]],
    [[3, 1], [3, -1]],
)
lam, v = power_iteration(A, np.array([1.0, 0]), 60)
verify("power iteration finds the eigenvalue 3 …", lam, 3.0, rtol=1e-12)
verify("… and the direction (1,1)", v, np.ones(2) / np.sqrt(2), atol=1e-12)
A = rng.normal(size=(6, 6))
lam, V = np.linalg.eig(A)
verify("random 6×6: AV − VΛ", abs(A @ V - V * lam), np.zeros((6, 6)), atol=1e-10)

# %% [markdown]
r"""
(characteristic-polynomial)=
### Where do the eigenvalues come from?

$Av=\lambda v$ with $v\ne0$ says that $A-\lambda I$ has a kernel, that is

$$
\det(A-\lambda I)=0 .
$$ (eq-la-characteristic)

The left side is a polynomial of degree $n$ in $\lambda$, the *characteristic polynomial*. First find its roots; then for each root solve $(A-\lambda I)v=0$. For $\begin{pmatrix}4&1\\2&3\end{pmatrix}$: $(4-\lambda)(3-\lambda)-2=\lambda^2-7\lambda+10=(\lambda-5)(\lambda-2)$, with kernels along $(1,1)$ and $(1,-2)$.

:::{admonition} Roots are numbers
:class: correction
**The notes say** that the eigenvectors are the roots of the characteristic polynomial.

**Right is:** the *eigenvalues* are the roots; the eigenvectors are the non-zero vectors in the kernel of $A-\lambda I$.
:::
"""

# %%
lam_ = sp.Symbol("lam")
A = sp.Matrix([[4, 1], [2, 3]])
verify(
    "characteristic polynomial of [[4,1],[2,3]]",
    str(sp.expand((A - lam_ * sp.eye(2)).det())),
    "lam**2 - 7*lam + 10",
)
verify(
    "roots of the characteristic polynomial of [[4,1],[2,3]]",
    tuple(sorted(sp.roots((A - lam_ * sp.eye(2)).det(), lam_))),
    (2, 5),
)
for root, direction in ((5, [1, 1]), (2, [1, -2])):
    (null,) = (A - root * sp.eye(2)).nullspace()
    verify(
        f"kernel of A − {root}I, scaled to first entry 1",
        tuple(null / null[0]),
        tuple(direction),
    )
A = rng.normal(size=(4, 4))
nodes = np.arange(-2.0, 3)  # a polynomial of degree 4 from five determinants
coefficients = np.linalg.solve(
    np.vander(nodes), [det(A - s * np.eye(4)) for s in nodes]
)
verify(
    "random 4×4: roots of det(A − λI) are the library's eigenvalues",
    in_order(np.roots(coefficients)),
    in_order(np.linalg.eigvals(A)),
    atol=1e-8,
)

# %% [markdown]
r"""
(quadratic-formula)=
For two by two the roots come from completing the square in $ax^2+bx+c=0$:

$$
\Bigl(x+\frac b{2a}\Bigr)^2=\frac{b^2-4ac}{4a^2}\;\Longrightarrow\;x=\frac{-b\pm\sqrt{b^2-4ac}}{2a},\qquad\lambda=\frac{\operatorname{tr}A\pm\sqrt{(\operatorname{tr}A)^2-4\det A}}2 .
$$ (eq-la-quadratic)

:::{admonition} Divide by 2a
:class: correction
**The notes say** that one divides by 2.

**Right is:** by $2a$. For $2x^2-6x+4$ the roots are 1 and 2; dividing by 2 gives 2 and 4.
:::
"""


# %%
def quadratic_roots(a, b, c):
    root = np.sqrt(complex(b * b - 4 * a * c))
    return in_order([(-b - root) / (2 * a), (-b + root) / (2 * a)])


verify("roots of 2x² − 6x + 4", quadratic_roots(2, -6, 4).real, [1.0, 2.0], atol=1e-12)
verify(
    "2x² − 6x + 4 at 1, 2, and at the 4 of the notes",
    np.polyval([2, -6, 4], [1, 2, 4]),
    [0, 0, 12],
)
triples = rng.normal(size=(100, 3))
verify(
    "100 random quadratics, against np.roots",
    [quadratic_roots(*t) for t in triples],
    [in_order(np.roots(t)) for t in triples],
    rtol=1e-8,
)
M = rng.normal(size=(100, 2, 2))
verify(
    "100 random 2×2 matrices: eigenvalues from trace and determinant",
    [quadratic_roots(1, -np.trace(A), det(A)) for A in M],
    [in_order(np.linalg.eigvals(A)) for A in M],
    atol=1e-8,
)

# %% [markdown]
r"""
(eigenspace)=
All eigenvectors of one eigenvalue, together with 0, are the *eigenspace* $E_\lambda=\ker(A-\lambda I)$. Its dimension is at most the multiplicity of $\lambda$ as a root. (Take a basis of $E_\lambda$, extend it, and change to that basis: the first $\dim E_\lambda$ columns of the new matrix are $\lambda e_j$, so $\lambda$ is at least that often a root.) It can be less: $\begin{pmatrix}1&1\\0&1\end{pmatrix}$ has the double root 1 and a single line.

:::{admonition} One eigenspace each
:class: correction
**The notes say** that all eigenvectors of $A$ span "the eigenspace".

**Right is:** every eigenvalue has its own. All eigenvectors together span the direct sum of these spaces, and a sum of eigenvectors from two of them is none.
:::
"""

# %%
geometric = lambda A, lam: len(A) - rank(np.asarray(A) - lam * np.eye(len(A)))
A = np.diag([2, 2, 3])
verify("diag(2,2,3): dim E₂ and dim E₃", (geometric(A, 2), geometric(A, 3)), (2, 1))
verify(
    "e₁ + e₃ is no eigenvector: rank of it and its image",
    rank([1, 0, 1], A @ [1, 0, 1]),
    2,
)
verify(
    "[[1,1],[0,1]]: dim E₁, though 1 is a double root",
    (geometric([[1, 1], [0, 1]], 1), str(sp.roots((1 - lam_) ** 2))),
    (1, "{1: 2}"),
)

# %% [markdown]
r"""
(eigenvalues-of-transpose)=
$A$ and $A^\top$ have the same eigenvalues, since $\det(A-\lambda I)=\det(A-\lambda I)^\top$, but in general not the same eigenvectors.

(distinct-eigenvalues-independence)=
Eigenvectors of distinct eigenvalues are independent. Suppose not, and take a shortest relation $\sum_{i\le k}c_iv_i=0$ with all $c_i\ne0$. Apply $A$, and subtract $\lambda_k$ times the relation:

$$
\sum_{i<k}c_i(\lambda_i-\lambda_k)\,v_i=0,
$$ (eq-la-distinct)

a shorter one, a contradiction. So $n$ distinct eigenvalues give a basis of eigenvectors. How good a basis is another matter: as the eigenvalues $1$ and $1+\epsilon$ of $\begin{pmatrix}1&1\\0&1+\epsilon\end{pmatrix}$ approach each other, its eigenvectors $(1,0)$ and $(1,\epsilon)$ become parallel and the condition number grows like $2/\epsilon$.
"""

# %%
A = np.array([[4.0, 1], [2, 3]])
for name, M, direction in (("A", A, [1, 1]), ("Aᵀ", A.T, [2, 1])):
    verify(
        f"{name} = [[4,1],[2,3]] or its transpose: eigenvalues",
        np.sort(np.linalg.eigvals(M)),
        [2.0, 5.0],
        rtol=1e-12,
    )
    verify(
        f"eigenvector of {name} for 5",
        M @ direction,
        5.0 * np.array(direction),
        rtol=1e-12,
    )
M = rng.normal(size=(6, 6))
verify(
    "random 6×6 and its transpose: eigenvalues",
    in_order(np.linalg.eigvals(M)),
    in_order(np.linalg.eigvals(M.T)),
    atol=1e-8,
)
S = rng.normal(size=(4, 4))
M = S @ np.diag([1.0, 2, 3, 4]) @ inv(S)
verify(
    "eigenvalues 1, 2, 3, 4: rank of the eigenvector matrix",
    rank(np.linalg.eig(M)[1]),
    4,
)
eps = 1e-3
verify(
    "[[1,1],[0,1+ε]]: condition number of the eigenvectors, over 2/ε",
    np.linalg.cond(np.linalg.eig([[1, 1], [0, 1 + eps]])[1]) / (2 / eps),
    1.0,
    atol=0.05,
)

# %% [markdown]
r"""
(eigendecomposition)=
### Taking a matrix apart

Write $n$ independent eigenvectors as columns, $AV=V\Lambda$ column by column with $\Lambda=\operatorname{diag}(\lambda_i)$. So

$$
A=V\Lambda V^{-1},\qquad A^k=V\Lambda V^{-1}V\Lambda V^{-1}\cdots=V\Lambda^kV^{-1}.
$$ (eq-la-eigendecomposition)

This is [the change of basis](#eq-la-basis-change) that makes $A$ diagonal. It exists for distinct eigenvalues and, as we are about to see, for symmetric matrices. Matrices without enough eigenvectors are *defective*; the best one can do for them is a few ones above the diagonal (the Jordan form).

:::{admonition} Not every square matrix
:class: correction
**The notes say** that any square matrix decomposes as $V\Lambda V^{-1}$.

**Right is:** only one with $n$ independent eigenvectors. $\begin{pmatrix}1&1\\0&1\end{pmatrix}$ has a single direction; what a library returns as $V$ is singular to rounding.
:::
"""

# %%
verify_at_least(
    "[[1,1],[0,1]]: condition number of the V that eig returns",
    np.linalg.cond(np.linalg.eig([[1, 1], [0, 1]])[1]),
    1e15,
)
V = np.array([[1.0, 1], [1, -2]])
verify(
    "[[4,1],[2,3]] rebuilt from 5, 2 and (1,1), (1,−2)",
    V @ np.diag([5.0, 2.0]) @ inv(V),
    A,
    atol=1e-12,
)
verify(
    "[[4,1],[2,3]]¹⁰ from 5¹⁰ and 2¹⁰",
    V @ np.diag([5.0**10, 2.0**10]) @ inv(V),
    np.linalg.matrix_power(A, 10),
    rtol=1e-10,
)

# %% [markdown]
r"""
(trace-and-determinant-from-eigenvalues)=
The characteristic polynomial factors over the complex numbers, $\det(A-\lambda I)=\prod_i(\lambda_i-\lambda)$. Put $\lambda=0$, and compare the coefficients of $\lambda^{n-1}$ (on the left only the product of the diagonal entries $a_{ii}-\lambda$ contributes):

$$
\det A=\prod_i\lambda_i,\qquad\operatorname{tr}A=\sum_i\lambda_i .
$$ (eq-la-trace-det)

(spectral-theorem)=
### The good case: symmetric matrices

:::{prf:theorem} Spectral theorem
:label: thm-la-spectral
A real symmetric matrix has real eigenvalues and an orthonormal basis of eigenvectors: $A=PDP^\top$ with orthogonal $P$ and diagonal $D$.
:::

:::{prf:proof}
*Real.* For a possibly complex eigenvector, $\bar v^\top Av=\lambda\,\bar v^\top v$. Conjugate and transpose the left side: $\bar v^\top A^\top v$, the same number, so it is real, and hence $\lambda$ is.
*Orthogonal.* If $v$ is an eigenvector and $w\perp v$, then $\langle Aw,v\rangle=\langle w,Av\rangle=\lambda\langle w,v\rangle=0$: $A$ maps the complement of $v$ into itself.
*Enough.* There is one eigenvector, since the characteristic polynomial has a root. Restrict $A$ to its complement, where it is symmetric again and one dimension smaller, and repeat.
:::

A turn of the plane, not symmetric, shows what else can happen: no direction stays, and the eigenvalues are complex, $\cos\omega\pm i\sin\omega$.
"""

# %%
many = rng.normal(size=(100, 5, 5))
lams = np.linalg.eigvals(many)
verify(
    "100 random 5×5: the product of the eigenvalues is the determinant",
    np.prod(lams, axis=1),
    det(many).astype(complex),
    rtol=1e-8,
)
verify(
    "100 random 5×5: their sum is the trace",
    np.sum(lams, axis=1),
    np.trace(many, axis1=1, axis2=2).astype(complex),
    rtol=1e-8,
    atol=1e-10,
)
A = rng.normal(size=(8, 8))
A = A + A.T
lam, P = np.linalg.eigh(A)
verify("symmetric 8×8: PᵀP", P.T @ P, np.eye(8), atol=1e-10)
verify("symmetric 8×8: PDPᵀ", P @ np.diag(lam) @ P.T, A, atol=1e-10)
verify(
    "its eigenvalues by the general routine are real",
    in_order(np.linalg.eigvals(A)),
    lam.astype(complex),
    atol=1e-10,
)
verify(
    "turn by 40°: eigenvalues",
    in_order(np.linalg.eigvals(turn(np.radians(40)))),
    np.exp(1j * np.radians([-40, 40])),
    atol=1e-12,
)

# %% [markdown]
r"""
## Bowls and saddles

(positive-definite-matrix)=
### What does $x^\top Ax$ look like?

Near a minimum every smooth function looks like $x^\top Ax$ with a symmetric $A$. In the eigenbasis $y=P^\top x$ of [the spectral theorem](#spectral-theorem) there are no mixed terms,

$$
x^\top Ax=x^\top PDP^\top x=\sum_i\lambda_iy_i^2,
$$ (eq-la-form)

so the signs of the eigenvalues decide everything. A symmetric $A$ is *positive definite* (PD) if $x^\top Ax>0$ for all $x\ne0$, that is all $\lambda_i>0$; *positive semidefinite* (PSD) if $\ge0$, all $\lambda_i\ge0$, and then $\operatorname{tr}A\ge0$ and $\det A\ge0$; *negative* (semi)definite with the signs reversed; *indefinite* if both signs occur. Move the second eigenvalue through zero: bowl, valley, saddle.
"""


# %% tags=["hide-input"]
def surface(lam_2):
    x, y = np.meshgrid(np.linspace(-1, 1, 17), np.linspace(-1, 1, 17))
    fig = plt.figure(figsize=(6.8, 3.4))
    ax = fig.add_subplot(projection="3d")
    ax.plot_wireframe(
        x,
        y,
        x**2 + lam_2 * y**2,
        color=plot.BLUE if lam_2 > 0 else plot.RED if lam_2 < 0 else plot.ORANGE,
        lw=0.9,
    )
    kind = (
        "bowl: positive definite"
        if lam_2 > 0
        else "saddle: indefinite"
        if lam_2 < 0
        else "valley: semidefinite"
    )
    ax.set(
        zlim=(-1, 2),
        xlabel="$y_1$",
        ylabel="$y_2$",
        title=kind,
        box_aspect=(1.6, 1.6, 1),
    )
    ax.view_init(22, -60)
    return fig


explore(
    surface,
    alt="The surface y1 squared plus lambda y2 squared: a bowl for positive lambda, a valley for zero, a saddle for negative lambda",
    lam_2=[1.0, 0.5, 0.2, 0.0, -0.3, -0.8],
)


# %%
def kind_of(A, tol=1e-10):
    low, high = np.linalg.eigvalsh(A)[[0, -1]]
    return (
        "PD"
        if low > tol
        else "ND"
        if high < -tol
        else "PSD"
        if low >= -tol
        else "NSD"
        if high <= tol
        else "indefinite"
    )


rng = np.random.default_rng(15)
X = rng.normal(size=(2, 100_000))
X /= np.linalg.norm(X, axis=0)
G = rng.normal(size=(3, 2))
for name, A, expected in (
    ("diag(1,2)", np.diag([1, 2]), "PD"),
    ("diag(1,0)", np.diag([1, 0]), "PSD"),
    ("diag(1,−1)", np.diag([1, -1]), "indefinite"),
    ("−I", -np.eye(2), "ND"),
    ("a random Gram matrix", G.T @ G, "PD"),
):
    values = np.sum(X * (A @ X), axis=0)  # xᵀAx on 10⁵ unit vectors
    verify(f"{name}: kind by eigenvalues", kind_of(A), expected)
    verify(
        f"{name}: extremes of xᵀAx on 10⁵ unit vectors are the eigenvalues",
        [values.min(), values.max()],
        np.linalg.eigvalsh(A),
        atol=1e-4,
    )

# %% [markdown]
r"""
(gram-matrix-psd)=
Where do such matrices come from? From products: $x^\top A^\top Ax=\|Ax\|^2\ge0$ for any $A$ whatsoever. So $A^\top A$ and $AA^\top$ are PSD, and so is the *kernel matrix* $K_{ij}=k(x_i,x_j)$ of a kernel, which is a Gram matrix in disguise.

:::{admonition} Semi, unless the columns are independent
:class: correction
**The notes say** that $A^\top A$ is symmetric positive definite for any $A$.

**Right is:** in general only semidefinite; $\|Ax\|=0$ for every $x$ in the kernel of $A$. It is positive definite if and only if $\operatorname{rk}A=n$, the number of columns.
:::
"""

# %%
for shape, zeros, expected in (((2, 4), 2, "PSD"), ((6, 4), 0, "PD")):
    A = rng.normal(size=shape)
    lam = np.linalg.eigvalsh(A.T @ A)
    verify(
        f"AᵀA for a random {shape[0]}×{shape[1]} matrix: kind, and number of zero eigenvalues",
        (kind_of(A.T @ A), int(np.sum(abs(lam) < 1e-10))),
        (expected, zeros),
    )
points = rng.normal(size=(50, 2))
K = np.exp(-(spatial.distance.cdist(points, points) ** 2) / 2)
verify_at_least(
    "Gaussian kernel on 50 points: smallest eigenvalue",
    np.linalg.eigvalsh(K)[0],
    0.0,
    atol=1e-10,
)

# %% [markdown]
r"""
(sylvester-criterion)=
One can decide without eigenvalues. The *leading principal minors* are the determinants of the upper left corners.

:::{prf:theorem} Sylvester's criterion
:label: thm-la-sylvester
A symmetric matrix is positive definite iff all leading principal minors are positive, and negative definite iff they alternate, odd ones negative and even ones positive. It is positive semidefinite iff *all* principal minors, with rows and columns struck out in any way, are $\ge0$.
:::

:::{admonition} Not for semidefinite matrices
:class: correction
**The notes say** that positive leading minors mean positive semidefinite, and that everything else is indefinite.

**Right is:** positive leading minors characterise positive *definite*. Non-negative ones do not even give PSD: $\operatorname{diag}(0,-1)$ has leading minors $0,0$. And $\operatorname{diag}(0,1)$ is neither definite nor indefinite.
:::
"""

# %%
leading = lambda A: np.array([det(A[:k, :k]) for k in range(1, len(A) + 1)])
verify(
    "diag(0,−1): leading minors and smallest eigenvalue",
    [*leading(np.diag([0.0, -1])), np.linalg.eigvalsh(np.diag([0.0, -1]))[0]],
    [0.0, 0.0, -1.0],
)
verify(
    "diag(0,1): leading minor, and kind",
    (float(leading(np.diag([0.0, 1]))[0]), kind_of(np.diag([0, 1]))),
    (0.0, "PSD"),
)
# %%
subsets = [list(c) for r in (1, 2, 3) for c in combinations(range(3), r)]
principal = lambda A: np.array([det(A[np.ix_(s, s)]) for s in subsets])
symmetric = [
    (A + A.T) / 2 + shift * np.eye(3)
    for A, shift in zip(rng.normal(size=(1000, 3, 3)), rng.uniform(-3, 3, 1000))
]
flat_ones = [
    sign * F @ F.T for F, sign in zip(rng.normal(size=(200, 3, 2)), [1, -1] * 100)
]
by_minors = [
    "PD" if np.all(m > 0) else "ND" if np.all(m * [-1, 1, -1] > 0) else "neither"
    for m in map(leading, symmetric)
]
by_eigenvalues = [
    k if (k := kind_of(A)) in ("PD", "ND") else "neither" for A in symmetric
]
verify(
    "1000 symmetric 3×3: leading minors decide as eigenvalues do (PD, ND or neither)",
    by_minors == by_eigenvalues,
    True,
)
verify_at_least(
    "… with at least this many positive, and negative, definite ones",
    [by_eigenvalues.count("PD"), by_eigenvalues.count("ND")],
    50,
)
bordered = [
    np.pad(A[:2, :2], ((1, 0), (1, 0))) for A in symmetric[:100]
]  # leading minors 0, 0, 0
everyone = symmetric + flat_ones + bordered
verify(
    "1300 symmetric matrices: all principal minors ≥ 0 exactly when PSD",
    [int(np.all(principal(A) > -1e-10)) for A in everyone],
    [int(kind_of(A) in ("PD", "PSD")) for A in everyone],
)

# %% [markdown]
r"""
(cholesky-decomposition)=
### The square root of a matrix

An SPD matrix is $A=LL^\top$ with a lower triangular $L$. Compare entries, column by column:

$$
a_{jj}=\sum_{k<j}l_{jk}^2+l_{jj}^2,\qquad a_{ij}=\sum_{k<j}l_{ik}l_{jk}+l_{ij}l_{jj}\quad(i>j)
$$ (eq-la-cholesky)

and in each equation only the last term is new. This *Cholesky decomposition* solves systems at half the price of elimination, gives $\log\det A=2\sum\log l_{ii}$ without overflow, and turns white noise into coloured: $\mu+L\epsilon$ has covariance $L\,\mathbb E[\epsilon\epsilon^\top]L^\top=A$.

:::{admonition} Unique up to signs
:class: correction
**The notes say** that the triangular factor is unique.

**Right is:** $L\operatorname{diag}(\pm1)$ works as well; it is unique if the diagonal is to be positive. For a singular PSD matrix not even then: $\operatorname{diag}(0,1)=LL^\top$ for every $L=\begin{pmatrix}0&0\\s&c\end{pmatrix}$ with $s^2+c^2=1$.
:::
"""


# %%
def cholesky(A):
    L = np.zeros_like(A)
    for j in range(len(A)):
        L[j, j] = np.sqrt(A[j, j] - L[j, :j] @ L[j, :j])
        L[j + 1 :, j] = (A[j + 1 :, j] - L[j + 1 :, :j] @ L[j, :j]) / L[j, j]
    return L


F = rng.normal(size=(8, 6))
A = F.T @ F
L = cholesky(A)
verify(
    "flip a column of L: still LLᵀ = A",
    L * [1, -1, 1, 1, 1, 1] @ (L * [1, -1, 1, 1, 1, 1]).T,
    A,
    atol=1e-12,
)
singular = [np.array([[0, 0], [np.sin(s), np.cos(s)]]) for s in (0.0, 0.7, 1.2)]
verify(
    "diag(0,1) has many factors",
    np.array([F @ F.T for F in singular]),
    np.array([np.diag([0.0, 1])] * 3),
    atol=1e-15,
)
verify("Cholesky by hand against the library", L, np.linalg.cholesky(A), atol=1e-10)
verify(
    "log det A = 2 Σ log lᵢᵢ",
    2 * np.sum(np.log(np.diag(L))),
    np.log(det(A)),
    rtol=1e-10,
)
y = linalg.solve_triangular(L.T, linalg.solve_triangular(L, np.ones(6), lower=True))
verify("two triangular systems solve Ax = b", A @ y, np.ones(6), atol=1e-9)

# %%
Sigma, mu = np.array([[2.0, 1.2], [1.2, 1.5]]), np.array([1.0, -3.0])
samples = mu + rng.normal(size=(100_000, 2)) @ cholesky(Sigma).T
for i, j in ((0, 0), (0, 1), (1, 1)):
    verify_within_se(
        f"covariance of 10⁵ samples μ + Lε, entry ({i + 1},{j + 1})",
        (samples[:, i] - mu[i]) * (samples[:, j] - mu[j]),
        Sigma[i, j],
        sigmas=5,
    )

# %% [markdown]
r"""
## Turn, stretch, turn

(singular-value-decomposition)=
### Every matrix, without exception

Eigenvectors need a square matrix, and a good-natured one. Ask for less: not one basis that stays, but *two* orthonormal bases, one before and one after the map, such that $Av_i=\sigma_iu_i$. That always works.

:::{prf:theorem} Singular value decomposition
:label: thm-la-svd
Every $A\in\mathbb R^{m\times n}$ is $A=U\Sigma V^\top$ with orthogonal $U$ ($m\times m$) and $V$ ($n\times n$) and a rectangular diagonal $\Sigma$ with entries $\sigma_1\ge\sigma_2\ge\dots\ge0$, the *singular values*. (For complex $A$, $V^*$ in place of $V^\top$.)
:::

:::{prf:proof}
$A^\top A$ is symmetric and PSD, so it has an orthonormal eigenbasis $v_1,\dots,v_n$ with eigenvalues $\lambda_1\ge\dots\ge0$. Put $\sigma_i=\sqrt{\lambda_i}$, and $u_i=Av_i/\sigma_i$ where $\sigma_i>0$. These are orthonormal,

$$
u_i^\top u_j=\frac{v_i^\top A^\top A\,v_j}{\sigma_i\sigma_j}=\frac{\lambda_j}{\sigma_i\sigma_j}\,v_i^\top v_j=\delta_{ij};
$$ (eq-la-svd)

complete them to a basis. Then $Av_i=\sigma_iu_i$ for all $i$ (for $\sigma_i=0$, $\|Av_i\|^2=\lambda_i=0$), which is $AV=U\Sigma$.
:::

So $V$ holds eigenvectors of $A^\top A$, $U$ those of $AA^\top$, and $\sigma_i^2$ are the eigenvalues of both. In the picture: a turn, a stretch along the axes, a turn. The circle ends as an ellipse with half-axes $\sigma_i$. Step through the stages.
"""


# %% tags=["hide-input"]
def stages(stage, entry):
    A = np.array([[1.6, entry], [0.3, 1.1]])
    U, s, Vt = np.linalg.svd(A)
    if det(U) < 0:  # both turns, no mirrors
        U, Vt = U * [1, -1], Vt * [[1], [-1]]
    U, Vt = U * np.sign(Vt[0, 0]), Vt * np.sign(Vt[0, 0])  # v₁ to the right
    M = {
        "0 start": np.eye(2),
        "1 turn by Vᵀ": Vt,
        "2 stretch by Σ": np.diag(s) @ Vt,
        "3 turn by U": A,
    }[stage]
    fig, ax = plt.subplots(figsize=(6.8, 3.4))
    ax.fill(*(M @ circle), color=plot.SKY, alpha=0.4)
    for k in np.arange(0, 800, 50):
        ax.plot(*(M @ np.outer(circle[:, k], [0, 1])), color=plot.GREY, lw=0.7)
    for v, colour, name in zip(Vt, (plot.RED, plot.GREEN), "12"):
        arrow(
            ax,
            M @ v,
            colour,
            {"0": "$v_{}$", "3": r"$\sigma_{0}u_{0}$"}.get(stage[0], "")
            .replace("{}", name)
            .replace("{0}", name),
        )
    ax.set(
        aspect="equal",
        xlim=(-4, 4),
        ylim=(-2.2, 2.2),
        title=f"σ₁ = {s[0]:.2f}, σ₂ = {s[1]:.2f}",
    )
    return fig


explore(
    stages,
    alt="A disc with two perpendicular arrows v1 and v2 is turned until they lie on the axes, stretched along the axes to an ellipse, and turned again",
    stage=["0 start", "1 turn by Vᵀ", "2 stretch by Σ", "3 turn by U"],
    entry=[1.0, -0.6],
)

# %%
A = rng.normal(size=(5, 3))
lam, V = np.linalg.eigh(A.T @ A)  # ascending
s, V = np.sqrt(lam[::-1]), V[:, ::-1]
by_hand = A @ V / s  # the columns u₁, u₂, u₃
U5, s5, Vt5 = np.linalg.svd(A)
verify("5×3 rebuilt from UΣVᵀ", U5[:, :3] * s5 @ Vt5, A, atol=1e-12)
verify("UᵀU and VᵀV", linalg.block_diag(U5.T @ U5, Vt5 @ Vt5.T), np.eye(8), atol=1e-12)
verify("σᵢ² are the eigenvalues of AᵀA", s5**2, lam[::-1], atol=1e-10)
verify(
    "u = Av/σ: orthonormal, and UΣVᵀ = A by hand",
    np.vstack([by_hand.T @ by_hand - np.eye(3), by_hand * s @ V.T - A]),
    np.zeros((8, 3)),
    atol=1e-12,
)
verify(
    "singular values of the identity", linalg.svdvals(np.eye(4)), np.ones(4), rtol=1e-15
)
A = np.array([[1.6, 1.0], [0.3, 1.1]])
reach_of = np.linalg.norm(A @ circle, axis=0)
verify(
    "half-axes of the image of the circle",
    [reach_of.max(), reach_of.min()],
    linalg.svdvals(A),
    rtol=1e-4,
)

# %% [markdown]
r"""
(frobenius-norm)=
### How large is a matrix?

Read the table as one long vector, $\bigl(\sum_{ij}|a_{ij}|^p\bigr)^{1/p}$, and there is a norm for every $p$: the sum for $p=1$, the largest entry for $p=\infty$, and for $p=2$ the *Frobenius norm*

$$
\|A\|_F=\sqrt{\textstyle\sum_{ij}a_{ij}^2}=\sqrt{\operatorname{tr}A^\top A}=\sqrt{\textstyle\sum_i\sigma_i^2} .
$$ (eq-la-frobenius)

The last step because orthogonal factors do not change it: $\operatorname{tr}(QA)^\top QA=\operatorname{tr}A^\top A$, and likewise from the right.

:::{admonition} Sum and maximum
:class: correction
**The notes say** that $p=1$ yields the maximum norm.

**Right is:** $p=1$ yields the sum of the absolute entries; the maximum is $p=\infty$.
:::
"""

# %%
A = np.array([[1.0, -2, 0.5, 3], [-4, 1, 2, 0], [1, 0.3, -1, 2]])
entry_norm = lambda A, p: np.sum(abs(A) ** p) ** (1 / p)
verify(
    "p = 1 on a 3×4 matrix: the sum 17.8, not the maximum 4",
    [entry_norm(A, 1), np.max(abs(A))],
    [17.8, 4.0],
    rtol=1e-12,
)
verify("p = 64 on it, close to the maximum", entry_norm(A, 64), 4.0, rtol=0.05)
verify(
    "‖[[1,2],[3,4]]‖_F",
    entry_norm(np.array([[1, 2], [3, 4]]), 2),
    np.sqrt(30),
    rtol=1e-12,
)
A, Q = rng.normal(size=(5, 3)), np.linalg.qr(rng.normal(size=(5, 5)))[0]
verify(
    "‖A‖_F from entries, trace, singular values",
    [
        entry_norm(A, 2),
        np.sqrt(np.trace(A.T @ A)),
        np.sqrt(np.sum(linalg.svdvals(A) ** 2)),
    ],
    [np.linalg.norm(A, "fro")] * 3,
    rtol=1e-12,
)
verify("‖QA‖_F = ‖A‖_F", entry_norm(Q @ A, 2), entry_norm(A, 2), rtol=1e-12)

# %% [markdown]
r"""
(spectral-norm)=
The other question is how much a matrix can stretch a vector, the *spectral norm*

$$
\|A\|_2=\max_{\|x\|=1}\|Ax\|=\sigma_1=\sqrt{\lambda_{\max}(A^\top A)} .
$$ (eq-la-spectral)

It is the Lipschitz constant of $x\mapsto Ax$. Since stretching twice multiplies, $\|AB\|_2\le\|A\|_2\|B\|_2$; since an eigenvector is stretched by $|\lambda|$, no eigenvalue exceeds it. It can exceed all of them by far: $\begin{pmatrix}0&10\\0&0\end{pmatrix}$ has only the eigenvalue 0 and norm 10.
"""

# %%
A, B = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
x = rng.normal(size=(3, 100_000))
stretch = np.linalg.norm(A @ x, axis=0) / np.linalg.norm(x, axis=0)
top = linalg.svdvals(A)[0]
verify_at_most("stretch of 10⁵ random vectors of R³, over σ₁", stretch / top, 1 + 1e-12)
verify_at_least(
    "longest stretch among 10⁵ random vectors of R³, over σ₁",
    stretch.max() / top,
    1 - 1e-3,
)
verify(
    "power iteration on AᵀA",
    np.sqrt(power_iteration(A.T @ A, np.ones(3), 500)[0]),
    top,
    rtol=1e-10,
)
verify_at_most(
    "‖AB‖₂ over ‖A‖₂‖B‖₂",
    np.linalg.norm(A @ B, 2) / (np.linalg.norm(A, 2) * np.linalg.norm(B, 2)),
    1.0,
)
N = np.array([[0.0, 10], [0, 0]])
verify(
    "[[0,10],[0,0]]: norm and largest |eigenvalue|",
    [np.linalg.norm(N, 2), max(abs(np.linalg.eigvals(N)))],
    [10.0, 0.0],
    atol=1e-12,
)

# %% [markdown]
r"""
(low-rank-approximation)=
(headline-low-rank)=
### The photograph

Multiply out $U\Sigma V^\top$ [column times row](#outer-product): a matrix is a sum of layers of rank one, sorted by size. Keep the first $k$:

$$
A=\sum_i\sigma_i\,u_iv_i^\top,\qquad A_k=\sum_{i\le k}\sigma_i\,u_iv_i^\top .
$$ (eq-la-layers)

$A-A_k$ has the singular values $\sigma_{k+1},\sigma_{k+2},\dots$, hence the errors

$$
\|A-A_k\|_F=\sqrt{\textstyle\sum_{i>k}\sigma_i^2},\qquad\|A-A_k\|_2=\sigma_{k+1},
$$ (eq-la-tail)

at a storage of $k(m+n+1)$ numbers in place of $mn$. Nobody can do better.

:::{prf:theorem} Eckart–Young
:label: thm-la-eckart-young
Every $B$ of rank at most $k$ satisfies $\|A-B\|_2\ge\sigma_{k+1}$ and $\|A-B\|_F\ge\sqrt{\sum_{i>k}\sigma_i^2}$.
:::

:::{prf:proof}
*Spectral norm.* The kernel of $B$ has dimension at least $n-k$, the span of $v_1,\dots,v_{k+1}$ has $k+1$; together more than $n$, so they share a unit vector $z$. There $Bz=0$, and

$$
\|A-B\|_2^2\ge\|(A-B)z\|^2=\|Az\|^2=\sum_{i\le k+1}\sigma_i^2\langle v_i,z\rangle^2\ge\sigma_{k+1}^2 .
$$ (eq-la-eckart)

*Frobenius norm.* Let $X=A-B$ and $X_{i-1}$ be its first $i-1$ layers. $B+X_{i-1}$ has rank at most $k+i-1$, so by the first part $\sigma_{k+i}(A)\le\|A-B-X_{i-1}\|_2=\sigma_i(X)$. Square and add over $i$.
:::

Drag $k$. The building is there after ten layers; its railings take eighty.
"""


# %% tags=["hide-input"]
def layers(k):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.7), width_ratios=(1.5, 1))
    left.imshow((U[:, :k] * sigma[:k]) @ Vt[:k], cmap="gray", vmin=0, vmax=1)
    left.set(title=f"k = {k}: {100 * k * 534 / photo.size:.0f} % of the numbers")
    left.axis("off")
    right.semilogy(np.arange(1, 214), sigma, color=plot.GREY)
    right.semilogy(np.arange(1, k + 1), sigma[:k], color=plot.RED, lw=3)
    right.set(xlabel="$i$", title=r"$\sigma_i$")
    return fig


explore(
    layers,
    alt="The photograph of the temple rebuilt from the first k layers, and the singular values on a logarithmic axis with the first k marked: blurred stripes for 1, a recognisable building for 10, sharp for 80",
    k=[1, 2, 5, 10, 20, 40, 80, 160],
)

# %%
residual, errors = photo.copy(), []
for k in range(200):  # take off one layer after the other
    residual = residual - sigma[k] * np.outer(U[:, k], Vt[k])
    errors.append(np.sqrt(np.sum(residual**2)))
tail = np.sqrt(
    np.cumsum(linalg.svdvals(photo)[::-1] ** 2)[::-1]
)  # from the values alone
headline(
    "error of the photograph in 1 to 200 layers, against the tail of its singular values",
    np.array(errors),
    tail[1:201],
    rtol=1e-10,
)

# %% [markdown]
r"""
Now the competition, with 20 layers each. Two hundred random competitors, and not feeble ones: each mixes the columns of the photograph at random into 20 directions and then projects the photograph on them, the best that can be done in these directions. Then an optimiser, *alternating least squares*, that knows nothing of singular values: fix $X$ in $A\approx XY$ and solve for $Y$, fix $Y$ and solve for $X$.
"""


# %%
def in_random_directions(rng, k):
    Q = np.linalg.qr(photo @ rng.normal(size=(320, k)))[0]
    return np.linalg.norm(photo - Q @ (Q.T @ photo))


X = rng.normal(size=(213, 20))
for _ in range(60):
    Y = np.linalg.solve(X.T @ X, X.T @ photo)
    X = np.linalg.solve(Y @ Y.T, Y @ photo.T).T
als = np.linalg.norm(photo - X @ Y)
random_ones = np.array([in_random_directions(rng, 20) for _ in range(200)])
verify_at_least(
    "200 random rank-20 competitors: error over that of the 20 layers",
    random_ones / errors[19],
    1.0,
)
verify_at_least(
    "alternating least squares: error over that of the 20 layers",
    als / errors[19],
    1.0,
    atol=1e-12,
)
verify_at_most("… which it comes within a percent of", als / errors[19], 1.01)
for k in (5, 20, 80):
    gap_k = photo - (U[:, :k] * sigma[:k]) @ Vt[:k]
    verify(
        f"{k} layers: largest stretch of what is missing is σ_{k + 1}",
        np.sqrt(np.linalg.eigvalsh(gap_k @ gap_k.T)[-1]),
        sigma[k],
        rtol=1e-10,
    )

# %% [markdown]
r"""
Both questions of the opening are answered, and the second picture was not needed for either.

(movie-ratings-svd)=
### Taste

Four films in rows, two space operas and two love stories; three viewers in columns. What are the layers of their ratings? The left singular vectors are combinations of films, that is themes; the right ones combinations of viewers, that is tastes; the singular values say how much each theme matters.
"""

# %%
ratings = np.array([[4, 5, 1], [5, 4, 0], [0, 1, 5], [1, 0, 5]])
themes, weight, tastes = np.linalg.svd(ratings, full_matrices=False)
contrast = themes[:, 1] * np.sign(themes[0, 1])
verify_at_least(
    "share of ‖A‖² in the first two themes",
    np.sum(weight[:2] ** 2) / np.sum(weight**2),
    0.95,
)
verify(
    "first theme: everybody's general liking, one sign",
    abs(np.sign(themes[:, 0]).sum()),
    4.0,
)
verify(
    "second theme: space operas against love stories",
    np.sign(contrast),
    [1.0, 1.0, -1.0, -1.0],
)
verify(
    "second taste separates viewer 3 from 1 and 2",
    np.sign(tastes[1] * np.sign(tastes[1, 0])),
    [1.0, 1.0, -1.0],
)
two = np.round((themes[:, :2] * weight[:2]) @ tastes[:2])
verify_at_most(
    "ratings from two themes, rounded: largest mistake", np.max(abs(two - ratings)), 1.0
)

# %% [markdown]
r"""
(moore-penrose-pseudoinverse)=
### Undoing what can be undone

Turn back, shrink back, turn back, and leave alone what was flattened: the *pseudo-inverse*

$$
A^+=V\Sigma^+U^\top,\qquad\Sigma^+\text{ inverts the non-zero singular values.}
$$ (eq-la-pinv)

With full column rank $A^\top A=V\Sigma^\top\Sigma V^\top$ can be inverted, and $A^+=(A^\top A)^{-1}A^\top$, the coefficients of [least squares](#orthogonal-projection-onto-subspace). With full row rank $A^+=A^\top(AA^\top)^{-1}$, the shortest of many solutions. In every case

$$
A^+=\lim_{\epsilon\to0}A^\top(AA^\top+\epsilon I)^{-1},\qquad\text{since}\quad\frac{\sigma}{\sigma^2+\epsilon}-\frac1\sigma=\frac{-\epsilon}{\sigma(\sigma^2+\epsilon)}
$$ (eq-la-ridge-limit)

goes to zero in proportion to $\epsilon$, while $\sigma=0$ gives 0 throughout.

:::{admonition} Orthogonal is not enough
:class: correction
**The notes say** that $W^+=W^\top$ if $W$ has orthogonal columns.

**Right is:** they must be *orthonormal*. For $W=QD$ with orthonormal $Q$ and invertible diagonal $D$, $W^+=D^{-1}Q^\top$.
:::
"""

# %%
Q = np.linalg.qr(rng.normal(size=(6, 3)))[0]
scale = np.diag([2.0, 0.5, 3.0])
pinv = np.linalg.pinv
verify("orthonormal columns: Q⁺ = Qᵀ", pinv(Q), Q.T, atol=1e-12)
verify("only orthogonal: (QD)⁺ = D⁻¹Qᵀ", pinv(Q @ scale), inv(scale) @ Q.T, atol=1e-12)
verify_at_least(
    "… which is far from (QD)ᵀ", np.linalg.norm(pinv(Q @ scale) - (Q @ scale).T), 1.0
)
A = rng.normal(size=(5, 2)) @ rng.normal(size=(2, 4))
u, s, vt = np.linalg.svd(A)
A_plus = vt[:2].T / s[:2] @ u[:, :2].T
verify("rank 2, 5×4: VΣ⁺Uᵀ is the library's", A_plus, pinv(A), atol=1e-10)
for law, left, right in (
    ("AA⁺A = A", A @ A_plus @ A, A),
    ("A⁺AA⁺ = A⁺", A_plus @ A @ A_plus, A_plus),
    ("AA⁺ is symmetric", A @ A_plus, (A @ A_plus).T),
    ("A⁺A is symmetric", A_plus @ A, (A_plus @ A).T),
):
    verify(f"Penrose: {law}", left, right, atol=1e-10)
eps = np.array([1e-2, 1e-4, 1e-6])
off = [np.linalg.norm(A.T @ inv(A @ A.T + e * np.eye(5)) - A_plus) for e in eps]
verify(
    "the ridge limit: power of ε with which the error falls",
    np.polyfit(np.log(eps), np.log(off), 1)[0],
    1.0,
    atol=0.02,
)

# %%
tall, broad = rng.normal(size=(6, 3)), rng.normal(size=(3, 6))
verify(
    "full column rank: (AᵀA)⁻¹Aᵀ", inv(tall.T @ tall) @ tall.T, pinv(tall), atol=1e-10
)
verify(
    "full row rank: Aᵀ(AAᵀ)⁻¹", broad.T @ inv(broad @ broad.T), pinv(broad), atol=1e-10
)
b = rng.normal(size=3)
shortest = pinv(broad) @ b
longer = shortest[:, None] + linalg.null_space(broad) @ rng.normal(size=(3, 100))
verify_at_least(
    "A⁺b is the shortest solution: length of 100 others over its",
    np.linalg.norm(longer, axis=0) / np.linalg.norm(shortest),
    1.0,
)

# %% [markdown]
r"""
(linear-algebra-practice)=
## In practice

At work each of these jobs has a routine, and the routine is rarely the formula.

| job | on paper | at work |
|---|---|---|
| solve $Ax=b$ | $A^{-1}b$ | `np.linalg.solve` |
| the same, $A$ positive definite | $L^{-\top}L^{-1}b$ | `scipy.linalg.cho_solve` |
| least squares | $(B^\top B)^{-1}B^\top y$ | `np.linalg.lstsq` |
| symmetric eigenvalues | roots of a polynomial | `np.linalg.eigh` |
| rank, null space | elimination | `matrix_rank`, `scipy.linalg.null_space` |
| a few singular values of a large matrix | all of them | `scipy.sparse.linalg.svds` |
| principal components | eigenvectors of the covariance | `sklearn.decomposition.PCA` |
"""

# %%
from scipy.sparse.linalg import svds
from sklearn.decomposition import PCA

rng = np.random.default_rng(16)
verify(
    "the 20 largest singular values of the photograph, by svds",
    np.sort(svds(photo, k=20, v0=np.ones(213))[1])[::-1],
    sigma[:20],
    rtol=1e-8,
)
F, b = rng.normal(size=(60, 40)), rng.normal(size=40)
A = F.T @ F
verify(
    "cho_solve, solve and the inverse agree",
    np.array([linalg.cho_solve(linalg.cho_factor(A), b), np.linalg.solve(A, b)]),
    np.array([inv(A) @ b] * 2),
    rtol=1e-8,
    atol=1e-10,
)
B, y = rng.normal(size=(60, 5)), rng.normal(size=60)
verify(
    "lstsq is the pseudo-inverse times y",
    np.linalg.lstsq(B, y, rcond=None)[0],
    pinv(B) @ y,
    atol=1e-12,
)

# %% [markdown]
"""
Principal component analysis is the singular value decomposition of the data with the mean taken off: the right singular vectors are the directions, the squared singular values the variances. On the digits, by our hands and by scikit-learn's:
"""

# %%
digits = data.digits().X_train  # (1400, 64)
centred = digits - digits.mean(0)
s, directions = np.linalg.svd(centred, full_matrices=False)[1:]
pca = PCA(10).fit(digits)
verify(
    "variance of the digits along ten principal directions",
    s[:10] ** 2 / 1399,
    pca.explained_variance_,
    rtol=1e-8,
)
verify(
    "the ten principal directions are singular vectors, up to sign",
    abs(np.sum(directions[:10] * pca.components_, axis=1)),
    np.ones(10),
    atol=1e-8,
)
lam = np.linalg.eigvalsh(np.cov(digits.T))[::-1]
verify(
    "the ten variances are eigenvalues of the covariance",
    lam[:10],
    pca.explained_variance_,
    rtol=1e-8,
)

# %% mystnb={"image": {"alt": "Eight handwritten digits in the upper row and the same digits rebuilt from ten principal components below, blurred but legible."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 8, figsize=(6.8, 1.9))
for ax, image in zip(
    axes.T.ravel(),
    np.stack(
        [digits[:8], pca.inverse_transform(pca.transform(digits[:8]))], axis=1
    ).reshape(16, 64),
):
    ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    ax.axis("off")
plt.show()

# %% [markdown]
r"""
## Beware

**A small determinant says nothing.** $\det(0.1\,I_{100})=10^{-100}$, yet nothing is easier to invert. Ask for the condition number.

**Normal equations square the condition number.** $\kappa(B^\top B)=\kappa(B)^2$, since the singular values are squared. For a polynomial of degree 11 on 50 points the difference is all the digits there are.
"""

# %%
verify(
    "0.1·I₁₀₀: determinant in powers of ten, and condition number",
    [np.log10(det(0.1 * np.eye(100))), np.linalg.cond(0.1 * np.eye(100))],
    [-100.0, 1.0],
    rtol=1e-9,
)
B = np.vander(np.linspace(0, 1, 50), 12)
c = np.ones(12)
verify(
    "κ(BᵀB) = κ(B)² for a well-behaved B",
    np.linalg.cond(tall.T @ tall),
    np.linalg.cond(tall) ** 2,
    rtol=1e-9,
)
wrong = [
    np.linalg.norm(x - c)
    for x in (
        np.linalg.lstsq(B, B @ c, rcond=None)[0],
        np.linalg.solve(B.T @ B, B.T @ (B @ c)),
    )
]
verify_at_least(
    "error of the normal equations over that of lstsq", wrong[1] / wrong[0], 100.0
)

# %% [markdown]
r"""
**Eigenvalues of a non-symmetric matrix can be fragile.** Put $10^{-10}$ in the empty corner of a $10\times10$ Jordan block, ones above a zero diagonal. The characteristic polynomial becomes $\lambda^{10}-10^{-10}$, and all eigenvalues jump from 0 to the circle of radius $0.1$. Singular values never do that: they move by at most the spectral norm of the change.
"""

# %%
block = np.eye(10, k=1)
nudge = np.zeros((10, 10))
nudge[9, 0] = 1e-10
verify(
    "Jordan block with 10⁻¹⁰ in the corner: size of its eigenvalues",
    abs(np.linalg.eigvals(block + nudge)),
    np.full(10, 0.1),
    rtol=1e-4,
)
verify_at_most(
    "… while its singular values move by at most",
    np.max(abs(linalg.svdvals(block + nudge) - linalg.svdvals(block))),
    1e-10,
    atol=1e-14,
)

# %% [markdown]
r"""
**NumPy's vectors have one index.** They are neither rows nor columns: `v.T` is `v`, and `v @ v.T` is a number. Mixing shapes `(n,)` and `(n, 1)` does not fail, it makes a table; a mean squared error computed so is silently wrong.
"""

# %%
v = np.array([1.0, 2, 3])
prediction, target_column = v, v[:, None]
verify(
    "v @ v.T is the number 14; the outer product needs np.outer",
    (float(v @ v.T), np.outer(v, v).shape),
    (14.0, (3, 3)),
)
verify("shape of (n,) minus (n,1)", (prediction - target_column).shape, (3, 3))
verify(
    "mean squared error of a perfect prediction, computed so",
    np.mean((prediction - target_column) ** 2),
    4 / 3,
    rtol=1e-12,
)

# %% [markdown]
"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""


# %% tags=["remove-cell"] jupyter={"source_hidden": true}
@exercise.define("la-two-images")
def _(answer):
    A = np.asarray(answer, float)
    assert A.shape == (2, 2), "a map from the plane to the plane is a 2×2 matrix"
    assert np.allclose(A @ [1, 0], [2, 1]), (
        "(1,0) does not go to (2,1): what is the first column?"
    )
    assert np.allclose(A @ [1, 1], [0, 3]), (
        "(1,1) does not go to (0,3): it is the sum of the columns"
    )


@exercise.define("la-mirror")
def _(answer):
    for angle in (0.0, np.pi / 6, 2.0):
        A = np.asarray(answer(angle), float)
        along, across = turn(angle).T
        assert np.allclose(A @ along, along), (
            f"at angle {angle:.2f} the line itself should stay"
        )
        assert np.allclose(A @ across, -across), (
            f"at angle {angle:.2f} the direction across should flip"
        )


@exercise.define("la-taylor-basis")
def _(answer):
    x = np.linspace(-1, 1, 9)
    a, b, c = answer
    assert np.allclose(a + b * (x - 1) + c * (x - 1) ** 2, x**2), (
        "these coordinates give another polynomial than x²"
    )


@exercise.define("la-membership")
def _(answer):
    rng = np.random.default_rng(0)
    for _ in range(20):
        X = rng.normal(size=(6, 2)) @ rng.normal(size=(2, 4))  # dependent columns
        assert answer(X, X @ rng.normal(size=4)), (
            "a combination of the columns was turned away"
        )
        assert not answer(X, rng.normal(size=6)), "a vector outside the span was let in"


@exercise.define("la-negative-length")
def _(answer):
    x = np.asarray(answer, float)
    assert x @ np.array([[1, 3], [3, 1]]) @ x < -1e-9, (
        "xᵀAx is not negative here; which eigenvalue is?"
    )


@exercise.define("la-nearest-line")
def _(answer):
    nodes, weights = np.polynomial.legendre.leggauss(8)
    far = lambda a, b: weights @ (nodes**2 - a - b * nodes) ** 2
    a, b = answer
    around = [far(a + h, b + k) for h in (-1e-4, 0, 1e-4) for k in (-1e-4, 0, 1e-4)]
    assert far(a, b) <= min(around), (
        "a line close by is nearer: is your residual orthogonal to 1 and to x?"
    )


@exercise.define("la-fibonacci")
def _(answer):
    F = [0, 1]
    for _ in range(40):
        F.append(F[-1] + F[-2])
    for n in (1, 2, 10, 40):
        assert abs(answer(n) - F[n]) < 1e-3, (
            f"the {n}-th number is {F[n]}, not {answer(n):.4g}"
        )


@exercise.define("la-corridor")
def _(answer):
    A = lambda a: np.array([[1, a, 0], [a, 1, a], [0, a, 1]])
    assert answer > 0, "the bound is positive"
    assert np.linalg.eigvalsh(A(0.999 * answer))[0] > 0, (
        "slightly below your bound the matrix is not positive definite"
    )
    assert np.linalg.eigvalsh(A(1.001 * answer))[0] < 0, (
        "slightly above your bound it still is"
    )


@exercise.define("la-log-det")
def _(answer):
    F = np.random.default_rng(1).normal(size=(500, 400))
    A = 10 * F.T @ F  # det A overflows
    value = answer(A)
    assert np.isfinite(value), "the determinant itself does not fit into a float"
    assert abs(value - np.linalg.slogdet(A)[1]) < 1e-6, (
        "the value differs from slogdet's"
    )


@exercise.define("la-how-many-layers")
def _(answer):
    for tol in (0.3, 0.1, 0.05):
        k = answer(photo, tol)
        error = lambda k: (
            np.linalg.norm(photo - (U[:, :k] * sigma[:k]) @ Vt[:k])
            / np.linalg.norm(photo)
        )
        assert error(k) <= tol, (
            f"{k} layers leave an error of {error(k):.3f}, more than {tol}"
        )
        assert error(k - 1) > tol, f"{k - 1} layers would do for {tol}"


@exercise.define("la-svd-by-hand")
def _(answer):
    A = np.random.default_rng(2).normal(size=(7, 4)) @ np.diag([3, 2, 1, 0.5])
    original = A.copy()
    u, s, v = answer(A)
    assert np.allclose(A, original), "leave the argument as it was"
    assert np.allclose(s, linalg.svdvals(A), rtol=1e-6), (
        "the values differ from the library's"
    )
    assert np.allclose(u * s @ v.T, A, atol=1e-6), "U diag(s) Vᵀ does not give A back"


# %% [markdown]
r"""
:::{exercise} Two images
:label: ex-la-two-images
Which matrix sends $(1,0)$ to $(2,1)$ and $(1,1)$ to $(0,3)$?
:::
"""

# %%
two_images = ...  # a 2×2 list or array

exercise("la-two-images").check(two_images)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The first column is $Ae_1=(2,1)$; the second is $A(1,1)-Ae_1=(-2,2)$.

```python
two_images = [[2, -2], [1, 2]]
```

</details>

:::{exercise} A mirror
:label: ex-la-mirror
Write the matrix of the reflection at the line through the origin at angle $\varphi$.
:::
"""

# %%
mirror_at = ...  # a function of the angle that returns a 2×2 array

exercise("la-mirror").check(mirror_at)

# %% [markdown]
r"""
<details><summary>Solution</summary>

With $P$ the projection on the line, $x=Px+(x-Px)$ and the second part flips: $2P-I$.

```python
def mirror_at(angle):
    b = np.array([np.cos(angle), np.sin(angle)])
    return 2 * np.outer(b, b) - np.eye(2)
```

</details>

:::{exercise} Another address
:label: ex-la-taylor-basis
What are the coordinates of $x^2$ in the basis $1,\ x-1,\ (x-1)^2$?
:::
"""

# %%
taylor = ...  # three numbers

exercise("la-taylor-basis").check(taylor)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$x^2=\bigl(1+(x-1)\bigr)^2=1+2(x-1)+(x-1)^2$. These are the Taylor coefficients at 1.

```python
taylor = (1, 2, 1)
```

</details>

:::{exercise} Membership
:label: ex-la-membership
Write a function that decides whether $v$ lies in the span of the columns of $X$, which may be dependent.
:::
"""

# %%
in_span = ...  # a function of X and v that returns True or False

exercise("la-membership").check(in_span)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The residual of the nearest point is zero, up to rounding.

```python
def in_span(X, v):
    nearest = X @ np.linalg.lstsq(X, v, rcond=None)[0]
    return bool(np.linalg.norm(v - nearest) < 1e-9 * np.linalg.norm(v))
```

</details>

:::{exercise} A negative length
:label: ex-la-negative-length
$x^\top Ay$ with $A=\begin{pmatrix}1&3\\3&1\end{pmatrix}$ is bilinear and symmetric. Find the $x$ that shows it is no inner product.
:::
"""

# %%
negative = ...  # two numbers

exercise("la-negative-length").check(negative)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The eigenvalues are $1\pm3$; along $(1,-1)$ the form is $-2\cdot2=-4$.

```python
negative = (1, -1)
```

</details>

:::{exercise} The nearest line
:label: ex-la-nearest-line
Which straight line $a+bx$ is nearest to $x^2$ in the inner product $\int_{-1}^1uv\,dx$?
:::
"""

# %%
nearest_line = ...  # a pair (a, b)

exercise("la-nearest-line").check(nearest_line)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$1$ and $x$ are orthogonal, so project on each: $\langle x^2,1\rangle/\langle1,1\rangle=\frac23/2=\frac13$, and $\langle x^2,x\rangle=0$.

```python
nearest_line = (1 / 3, 0.0)
```

</details>

:::{exercise} Rabbits
:label: ex-la-fibonacci
The Fibonacci numbers $F_{n+1}=F_n+F_{n-1}$ come from powers of one matrix,

$$
\begin{pmatrix}F_{n+1}\\F_n\end{pmatrix}=\begin{pmatrix}1&1\\1&0\end{pmatrix}^n\begin{pmatrix}1\\0\end{pmatrix}.
$$

Find a formula for $F_n$ that needs neither loop nor recursion.
:::
"""

# %%
fibonacci = ...  # a function of n

exercise("la-fibonacci").check(fibonacci)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\lambda^2-\lambda-1=0$ has the roots $\varphi_\pm=\frac{1\pm\sqrt5}2$ with eigenvectors $(\varphi_\pm,1)$. The start is $(1,0)=\frac1{\sqrt5}\bigl[(\varphi_+,1)-(\varphi_-,1)\bigr]$, so $F_n=(\varphi_+^n-\varphi_-^n)/\sqrt5$.

```python
fibonacci = lambda n: (((1 + 5**0.5) / 2) ** n - ((1 - 5**0.5) / 2) ** n) / 5**0.5
```

</details>

:::{exercise} How much correlation?
:label: ex-la-corridor
Up to which $a>0$ is $\begin{pmatrix}1&a&0\\a&1&a\\0&a&1\end{pmatrix}$ positive definite?
:::
"""

# %%
corridor = ...  # a number

exercise("la-corridor").check(corridor)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The leading minors are $1$, $1-a^2$ and $1-2a^2$; all are positive for $a<1/\sqrt2$.

```python
corridor = 1 / np.sqrt(2)
```

</details>

:::{exercise} A determinant too large
:label: ex-la-log-det
Compute $\log\det A$ of a positive definite $400\times400$ matrix whose determinant overflows, without `slogdet`.
:::
"""

# %%
log_det = ...  # a function of A

exercise("la-log-det").check(log_det)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
log_det = lambda A: 2 * np.sum(np.log(np.diag(np.linalg.cholesky(A))))
```

</details>

:::{exercise} How many layers?
:label: ex-la-how-many-layers
Write a function that returns the smallest $k$ for which $\|A-A_k\|_F\le\text{tol}\cdot\|A\|_F$, without building a single $A_k$.
:::
"""

# %%
how_many = ...  # a function of A and tol

exercise("la-how-many-layers").check(how_many)

# %% [markdown]
r"""
<details><summary>Solution</summary>

By [the tail](#eq-la-tail) only singular values are needed.

```python
def how_many(A, tol):
    s = np.linalg.svd(A, compute_uv=False)
    left = np.sqrt(np.append(np.cumsum(s[::-1] ** 2)[::-1], 0))  # after k layers
    return int(np.argmax(left <= tol * left[0]))
```

</details>

:::{exercise} Project: your own SVD
:label: ex-la-svd-by-hand
Write a function that returns $U$, $s$, $V$ of a matrix of full column rank and distinct singular values, using only products, norms and outer products. Then try it on the photograph, and see how many steps the layers need when two singular values are close.
:::
"""

# %%
own_svd = ...  # a function of A that returns (U, s, V), columns sorted by s

exercise("la-svd-by-hand").check(own_svd)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Power iteration on $A^\top A$ finds $v_1$; $Av_1=\sigma_1u_1$; take the layer off and go on.

```python
def own_svd(A, steps=2000):
    U, s, V = [], [], []
    rest = A
    for _ in range(A.shape[1]):
        v = power_iteration(rest.T @ rest, np.ones(A.shape[1]), steps)[1]
        u = rest @ v
        s.append(np.linalg.norm(u))
        U.append(u / s[-1])
        V.append(v)
        rest = rest - s[-1] * np.outer(U[-1], v)
    return np.array(U).T, np.array(s), np.array(V).T
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| product | $Av=\sum_jv_jA_{:,j}$; $(AB)^\top=B^\top A^\top$; $\operatorname{tr}AB=\operatorname{tr}BA$ | [columns](#eq-la-columns), [trace](#eq-la-trace) |
| determinant | signed volume factor; $\det AB=\det A\det B$; zero iff not invertible | [area](#eq-la-area) |
| vector space | closed under sums and multiples: columns, images, functions | [rules](#eq-la-axioms) |
| basis, dimension | unique coordinates; all bases are equally long | [basis](#basis) |
| linear map | $T(\lambda u+\psi v)=\lambda Tu+\psi Tv$; column $j$ is the image of $b_j$ | [matrix of a map](#eq-la-matrix-of-map) |
| rank–nullity | $\dim\ker\Phi+\dim\operatorname{im}\Phi=\dim V$ | [kernel](#kernel-and-image) |
| basis change | $\tilde A=S^{-1}AS$: same rank, trace, determinant, eigenvalues | [similar](#eq-la-basis-change) |
| Cauchy–Schwarz | $\lvert\langle u,v\rangle\rvert\le\lVert u\rVert\,\lVert v\rVert$ | [parabola](#eq-la-parabola) |
| projection | $P=B(B^\top B)^{-1}B^\top$: nearest point, least squares | [nearest](#eq-la-nearest) |
| eigenvalues | $Av=\lambda v$, $\det(A-\lambda I)=0$, $A=V\Lambda V^{-1}$ if enough $v$ | [decomposition](#eq-la-eigendecomposition) |
| symmetric | $A=PDP^\top$, real; PD iff all $\lambda_i>0$ iff $A=LL^\top$ | [forms](#eq-la-form) |
| any matrix | $A=U\Sigma V^\top$; $A^+=V\Sigma^+U^\top$ | [SVD](#eq-la-svd) |
| low rank | $\lVert A-A_k\rVert_F=\sqrt{\sum_{i>k}\sigma_i^2}$, and nothing of rank $k$ is nearer | [tail](#eq-la-tail) |

**Further reading.** {cite:t}`strang2023` for the pictures, {cite:t}`axler2024` for the proofs without determinants, {cite:t}`trefethen1997` and {cite:t}`golub2013` for what a computer does to all this, {cite:t}`deisenroth2020` for the same material on its way to machine learning. The theorem of the photograph is due to {cite:t}`eckart1936`. From here, eigenvalues of a Hessian set the pace of [gradient descent](#gradient-descent-chapter).
"""
