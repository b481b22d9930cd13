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
(errata)=
# Errata to the source notes

This book grew out of lecture notes, and the notes were not always right. Here is what they state wrongly, chapter by chapter, with the right statement and a check that would fail if it were not. Misprints stand beside mistakes; if you learnt one of these the wrong way, you are in good company. The chapters themselves do not mention the notes.
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

import numpy as np

from helpers import data, verify, verify_at_least, verify_at_most, verify_within_se

# %% [markdown]
"""
## 1. Data and features
"""

# %% [markdown]
r"""
### Three numbers a pixel

**The notes say** that a coloured image of $w\times h$ pixels is a point in $wh$ dimensions.

**Right is** $3wh$; the product $wh$ holds for grey images. Small patches of a photograph already fill all the $3wh$.
"""

# %% tags=["checks"]
from sklearn.datasets import load_sample_image

photo = load_sample_image("china.jpg") / 255  # (427, 640, 3)
rng, w, h = np.random.default_rng(0), 5, 4
i, j = rng.integers([[427 - h], [640 - w]], size=(2, 2000))
patches = np.array([photo[a : a + h, b : b + w] for a, b in np.c_[i, j]])
rank = lambda A: np.linalg.matrix_rank(A.reshape(2000, -1))
verify("patches of a photograph: dimensions that they fill", rank(patches), 3 * w * h)
verify("… as grey patches", rank(patches.mean(3)), w * h)

# %% [markdown]
r"""
### Data do not concentrate like noise

**The notes say** as a fact without conditions that in high dimension all points of a data set become equally spaced.

**Right is** that the relative spread of the distances vanishes if the coordinates are (nearly) independent. Data near a structure of low dimension keep the spread of that structure.
"""

# %% tags=["checks"]
from scipy.spatial.distance import pdist
from sklearn.datasets import load_digits

spread = lambda A: pdist(A).std() / pdist(A).mean()
rng, d = np.random.default_rng(1), 1000
verify(
    "independent uniform coordinates: spread of the distances, times √d",
    spread(rng.random((500, d))) * np.sqrt(d),
    np.sqrt(7 / 20),
    rtol=0.05,
)
plane = np.linalg.qr(rng.normal(size=(d, 2)))[0]
mean = (2 + np.sqrt(2) + 5 * np.log(1 + np.sqrt(2))) / 15  # of two points of the square
verify(
    "a square in 1000 dimensions: the spread is that of a square",
    spread(rng.random((800, 2)) @ plane.T),
    np.sqrt(1 / 3 - mean**2) / mean,
    rtol=0.05,
)
digits = load_digits().data
shuffled = rng.permuted(digits, axis=0)  # each pixel by itself
verify_at_least(
    "digits: spread, over that after shuffling every pixel over the images",
    spread(digits) / spread(shuffled),
    1.4,
)

# %% [markdown]
r"""
### Orthogonal only around zero

**The notes say** that two points drawn uniformly in a million-dimensional space, with grey values in $[0,1]$, are almost orthogonal.

**Right is** that the coordinates must have mean zero. On $[0,1]^d$ the cosine tends to $\mathbb E[x]^2/\mathbb E[x^2]=\frac{1/4}{1/3}=\frac34$, an angle of 41.4 degrees: all these vectors lean to the diagonal.
"""

# %% tags=["checks"]
d = 1_000_000
x, z = np.random.default_rng(2).random((2, d))
cosine = lambda x, z: x @ z / np.sqrt(x @ x * (z @ z))
verify("uniform on [0, 1]: cosine", cosine(x, z), 3 / 4, atol=5 / np.sqrt(d))
verify_at_most(
    "the same points around the centre: |cosine| in units of 1/√d",
    abs(cosine(x - 0.5, z - 0.5)) * np.sqrt(d),
    5.0,
)

# %% [markdown]
r"""
### What Hughes' curves show

**The notes say** that these curves show accuracy against the intrinsic dimension, one curve for each data set.

**Right is** that the abscissa is the measurement complexity, the number $n$ of values a measurement can take; the accuracy is the mean over all two-class problems of that complexity, and the curves differ in the number of training examples {cite:p}`hughes1968`. With the laws known it rises towards $\frac34$ and does not decline.
"""

# %% tags=["checks"]
from scipy.stats import betabinom


def accuracy(n, m):
    """Mean accuracy over all laws on n values, m examples of each class."""
    k = np.arange(m + 1)
    seen = betabinom(m, 1, n - 1).pmf(k)  # how often one value is seen
    best = 1 + np.maximum(k[:, None], k)  # the class that has it more often is chosen
    return n / 2 * (np.outer(seen, seen) * best).sum() / (n + m)


rng, n, m = np.random.default_rng(3), 20, 30
p, q = rng.dirichlet(np.ones(n), (2, 4000))  # 4000 problems
first = rng.multinomial(m, p) >= rng.multinomial(m, q)
verify_within_se(
    "20 values, 30 examples a class: accuracy by simulation",
    np.where(first, p, q).sum(1) / 2,
    accuracy(n, m),
)
verify_within_se(
    "20 values, laws known: (3n − 2)/(4n − 2)",
    np.maximum(p, q).sum(1) / 2,
    (3 * n - 2) / (4 * n - 2),
)
few, many = (np.array([accuracy(n, m) for n in range(2, 200)]) for m in (5, 100))
verify_at_least(
    "decline from the peak to 199 values, with 5 and with 100 examples",
    [few.max() - few[-1], many.max() - many[-1]],
    0.03,
)
verify_at_least(
    "the same problems: the peak with 100 examples lies at more values, by",
    int(many.argmax() - few.argmax()),
    5,
)

# %% [markdown]
r"""
### Two directions, two symbols

**The notes say** that $\sigma$ maps features to data, and later that $\sigma$ is given the image and extracts the features.

**Right is** that these are opposite maps with two letters, synthesis (decoder) $\sigma:F\mapsto x$ and analysis (encoder) $\alpha:x\mapsto F$. One wants $\alpha\circ\sigma=\mathrm{id}$; $\sigma\circ\alpha$ is the identity only on images that have such features.
"""

# %% tags=["checks"]
axis = np.arange(32) + 0.5
grid = np.stack(np.meshgrid(axis, axis, indexing="ij"))  # (2, 32, 32)


def sigma(F):
    """An antialiased disc: centre F₀, F₁ and radius F₂."""
    r = np.hypot(grid[0] - F[0], grid[1] - F[1])
    return np.clip(F[2] - r + 0.5, 0, 1)


alpha = lambda x: np.r_[(grid * x).sum((1, 2)) / x.sum(), np.sqrt(x.sum() / np.pi)]
F = np.array([13, 18, 6])
verify("α(σ(F)): centre and radius found again", alpha(sigma(F)), F, atol=0.05)
square = (np.abs(grid - 16).max(0) <= 6) * 1.0
r = 2 / math.sqrt(math.pi)  # the disc as large as a square of side 2
verify(
    "σ(α(x)) for a square is the disc of its size: share of the ink that differs",
    abs(sigma(alpha(square)) - square).sum() / square.sum(),
    2 * (r**2 * math.acos(1 / r) - math.sqrt(r**2 - 1)),
    rtol=0.1,
)

# %% [markdown]
r"""
### As many features as observations is the worst

**The notes say** that instead of far more features than observations one wants about as many features as observations.

**Right is** that for minimum-norm least squares on noisy data $p\approx n$ is the worst choice: the noise adds $\sigma^2p/(n-p-1)$ for $p<n-1$ and $\sigma^2n/(p-n-1)$ for $p>n+1$ (Gaussian features). One wants $p$ far from $n$, or [a penalty](#ridge-regression).
"""

# %% tags=["checks"]
rng, n = np.random.default_rng(4), 40


def added(p, runs=400):
    """Error that noise of variance 1 adds: sum of 1/s² over the singular values."""
    s = np.linalg.svd(rng.normal(size=(runs, n, p)), compute_uv=False)
    return (1 / s**2).sum(1)


verify_within_se(
    "10 features, 40 observations: added error", added(10), 10 / (n - 10 - 1)
)
verify_within_se("160 features: added error", added(160), n / (160 - n - 1))
verify_at_least(
    "40 features: median of the added error, over that of 10 and of 160",
    np.median(added(n)) / [10 / (n - 11), n / (160 - n - 1)],
    20.0,
)
X, beta = rng.normal(size=(200, n, n)), rng.normal(size=(200, n)) / np.sqrt(n)
y = np.einsum("rij,rj->ri", X, beta) + rng.normal(size=(200, n))
right_side = np.einsum("rij,ri->rj", X, y)[..., None]
w = np.linalg.solve(X.transpose(0, 2, 1) @ X + n * np.eye(n), right_side)[..., 0]
verify(
    "40 features and the ridge λ = 40: error, against its limit (√5 − 1)/2",
    ((w - beta) ** 2).sum(1).mean(),
    (np.sqrt(5) - 1) / 2,
    rtol=0.08,
)

# %% [markdown]
r"""
### What is linear about a rotation?

**The notes say** that rotating is linear and translating is not.

**Right is** that this holds for the coordinates of points, $x\mapsto Rx$ against $x\mapsto x+v$. As operators on images, $f\mapsto f(\cdot-v)$ and $f\mapsto f(R^{-1}\,\cdot)$ are both linear; not linear is how the image depends on the shift or the angle.
"""

# %% tags=["checks"]
from scipy import ndimage

rng = np.random.default_rng(5)
f, g = rng.normal(size=(2, 32, 32))
shift = lambda f, v=(3, -5): ndimage.shift(f, v, order=1)
turn = lambda f, angle=30: ndimage.rotate(f, angle, reshape=False, order=1)
verify(
    "images: T(2f − 3g) = 2T(f) − 3T(g) for a shift and a turn",
    np.array([T(2 * f - 3 * g) for T in (shift, turn)]),
    np.array([2 * T(f) - 3 * T(g) for T in (shift, turn)]),
    atol=1e-12,
)
x, y, v = rng.normal(size=(3, 2))
move = lambda x: x + v
verify(
    "points: T(x + y) − T(x) − T(y) for a translation by v is −v",
    move(x + y) - move(x) - move(y),
    -v,
    atol=1e-12,
)
bar = np.zeros((33, 33))
bar[16, 4:29] = 1.0
mean_of_two = (turn(bar, 0) + turn(bar, 90)) / 2
verify_at_least(
    "a bar at 0 and a bar at 90 degrees, averaged, is not the bar at 45: gap",
    abs(mean_of_two - turn(bar, 45)).max(),
    0.3,
)

# %% [markdown]
r"""
### Distances along the sheet, and only if it is not stretched

**The notes say** that distances are preserved in all embeddings even if they look different.

**Right is** that only isometric embeddings preserve them, and then only the distances measured along the sheet. The straight distances in the embedding space change, and an embedding that stretches preserves neither.
"""

# %% tags=["checks"]
u = np.linspace(0, np.pi, 20_001)
v = 0.3 * np.sin(3 * u)  # a wavy line on the sheet, from (0, 0) to (π, 0)
length = lambda curve: np.linalg.norm(np.diff(curve, axis=1), axis=0).sum()
rolled = lambda stretch: np.array([np.cos(stretch * u), np.sin(stretch * u), v])
flat = length(np.array([u, v]))
verify(
    "rolled to half a cylinder: length of the line on the sheet",
    length(rolled(1)),
    flat,
    rtol=1e-6,
)
ends = rolled(1)[:, [0, -1]]
verify(
    "… the straight distance of its ends, π when flat, is now 2",
    np.linalg.norm(ends[:, 1] - ends[:, 0]),
    2.0,
)
verify_at_least(
    "stretched by 3/2 and rolled: length, over the flat one",
    length(rolled(1.5)) / flat,
    1.2,
)

# %% [markdown]
"""
## 2. Linear algebra
"""

# %% [markdown]
r"""
### A transpose that lost its bracket

**The notes say** that $AB^\top=B^\top A^\top$.

**Right is** $(AB)^\top=B^\top A^\top$. Without the bracket the shapes do not match in general, and for square matrices the two sides differ.
"""

# %% tags=["checks"]
rng = np.random.default_rng(0)
A, B, x, y = *rng.normal(size=(2, 4, 4)), *rng.normal(size=(2, 4))
verify(
    "⟨ABx, y⟩ = ⟨x, BᵀAᵀy⟩, which defines the transpose of AB",
    (A @ (B @ x)) @ y,
    x @ (B.T @ (A.T @ y)),
)
verify_at_least(
    "random 4×4: distance of ABᵀ from BᵀAᵀ", np.linalg.norm(A @ B.T - B.T @ A.T), 1.0
)

# %% [markdown]
r"""
### Solvable does not mean invertible

**The notes say** that for square $A$ the solution of $Ax=b$, if it exists, is $A^{-1}b$.

**Right is** that a solution may exist although $A$ has no inverse. With $A=\operatorname{diag}(1,0)$ and $b=(1,0)$ every $(1,t)$ is a solution; the formula needs $A$ invertible.
"""

# %% tags=["checks"]
A = np.random.default_rng(1).normal(size=(4, 2)) @ [[1, 2, 0, 1], [0, 1, 1, -1]]
b = A @ [1.0, 2, 3, 4]
x, _, rank, s = np.linalg.lstsq(A, b)
verify("a 4×4 matrix of rank 2 has no inverse: rank", int(rank), 2)
verify("Ax = b is solved all the same", A @ x, b, atol=1e-12)
verify_at_least(
    "… and by another vector, at the distance", np.linalg.norm(x - [1, 2, 3, 4]), 1.0
)

# %% [markdown]
r"""
### Addition takes two vectors

**The notes say** that addition is a map $+:V\to V$.

**Right is** $+:V\times V\to V$. That the sum lies in $V$ again is part of this typing, and it is what fails on a sphere.
"""

# %% tags=["checks"]
rng = np.random.default_rng(2)
x, y = rng.normal(size=(2, 10_000, 3))
x, y = (v / np.linalg.norm(v, axis=1)[:, None] for v in (x, y))  # on the unit sphere
length = np.linalg.norm(x + y, axis=1)
verify_within_se("two points of the sphere: mean of |x + y|²", length**2, 2.0)
verify_at_least(
    "… share of the sums that are off the sphere by more than 0.01",
    np.mean(abs(length - 1) > 0.01),
    0.9,
)

# %% [markdown]
r"""
### The set is the space

**The notes say** that every function on the surface, defined in this way, is a vector space.

**Right is** that the set of all these functions is a vector space; each function is one vector of it.
"""

# %% tags=["checks"]
x, y, z = np.random.default_rng(3).normal(size=(3, 100))
x, y, z = np.array([x, y, z]) / np.sqrt(x**2 + y**2 + z**2)  # 100 points of the sphere
monomials = [x**0, x, y, z, x * x, y * y, z * z, x * y, y * z, z * x]
verify(
    "ten monomials of degree 0 to 2 on the sphere: dimension of their span",
    np.linalg.matrix_rank(monomials),
    sum(2 * degree + 1 for degree in range(3)),
)
verify(
    "a function and its sum with another: dimension",
    np.linalg.matrix_rank([x * y, x * y + z]),
    2,
)

# %% [markdown]
r"""
### Spanning is half of it

**The notes say** that vectors are a basis when their span covers the whole space.

**Right is** that they must also be independent. Three vectors can span $\mathbb R^2$, and then every point has infinitely many addresses.
"""

# %% tags=["checks"]
V = np.array([[1.0, 0, 1], [0, 1, 1]])  # three columns
verify("(1,0), (0,1), (1,1) span the plane: rank", np.linalg.matrix_rank(V), 2)
c = np.linalg.pinv(V) @ [2, 3]
other = c + 5 * np.array([1, 1, -1])
verify("two addresses of the point (2, 3)", V @ np.c_[c, other], [[2.0] * 2, [3.0] * 2])
verify_at_least("… which are apart by", np.linalg.norm(c - other), 5.0)

# %% [markdown]
r"""
### Which columns to keep

**The notes say** that the pivot columns "will be the span".

**Right is** that the original vectors at the pivot positions are a basis of the span. The columns of the reduced matrix span another space in general.
"""

# %% tags=["checks"]
A = np.array([[1, 2, 1], [1, 2, 2], [1, 2, 3]])
steps = np.array([[2, -1, 0], [-1, 1, 0], [1, -2, 1]])  # the row operations
R, rank, pivots = steps @ A, np.linalg.matrix_rank, [0, 2]
verify(
    "the row operations lead to the reduced matrix",
    R,
    [[1, 2, 0], [0, 0, 1], [0, 0, 0]],
)
verify(
    "rank of A, of its columns at the pivots, of both together",
    [rank(A), rank(A[:, pivots]), rank(np.c_[A, A[:, pivots]])],
    [2, 2, 2],
)
verify(
    "columns of the reduced matrix beside those of A: rank",
    rank(np.c_[A, R[:, pivots]]),
    3,
)

# %% [markdown]
r"""
### Coordinates of (2, 2)

**The notes say** that $(2,2)$ has the coordinates $(4,2)$ in the basis $(-1,1),(0,1)$.

**Right is** $(-2,4)$, since $-2\,(-1,1)+4\,(0,1)=(2,2)$, whereas $4\,(-1,1)+2\,(0,1)=(-4,6)$.
"""

# %% tags=["checks"]
basis = np.array([[-1.0, 0], [1, 1]])  # in columns
verify("coordinates of (2, 2)", np.linalg.solve(basis, [2, 2]), [-2.0, 4.0])
verify_at_least(
    "the point with the coordinates (4, 2) is away from (2, 2) by",
    np.linalg.norm(basis @ [4, 2] - [2, 2]),
    7.0,
)

# %% [markdown]
r"""
### Indicators on the whole line

**The notes say** that the indicator functions of the points are the standard basis of all functions $f:\mathbb R\to\mathbb R$.

**Right is** that they are independent but do not span: a basis makes finite combinations, and these are zero at all but finitely many points. They are a basis for the functions on a finite set, or for those with finitely many non-zero values.
"""

# %% tags=["checks"]
rng = np.random.default_rng(4)
centres, fresh = rng.normal(size=100), rng.normal(size=1000)
indicators = lambda at: (at[:, None] == centres) * 1.0
weights = np.linalg.lstsq(indicators(centres), np.cos(centres))[0]
verify(
    "on the hundred points the indicators give the cosine",
    indicators(centres) @ weights,
    np.cos(centres),
)
error = np.sqrt(np.mean((indicators(fresh) @ weights - np.cos(fresh)) ** 2))
verify(
    "on the line they miss all of it: error over the size of the cosine",
    error / np.sqrt(np.mean(np.cos(fresh) ** 2)),
    1.0,
)

# %% [markdown]
r"""
### Two properties make one

**The notes say** that a map is non-linear if the two properties hold individually but not together.

**Right is** that if both hold, the combined rule follows: $T(\lambda u+\psi v)=T(\lambda u)+T(\psi v)=\lambda T(u)+\psi T(v)$. A map is non-linear when at least one of them fails.
"""

# %% tags=["checks"]
rng = np.random.default_rng(5)
u, v = rng.normal(size=(2, 8)) + 1j * rng.normal(size=(2, 8))
T, c = np.fft.fft, 2 - 3j
verify(
    "Fourier transform: both properties, and the combined rule",
    np.array([T(u + v), T(c * u), T(c * u + 2j * v)]),
    np.array([T(u) + T(v), c * T(u), c * T(u) + 2j * T(v)]),
    atol=1e-12,
)
root = lambda x, y: np.cbrt(x**3 + y**3)
verify("∛(x³ + y³): homogeneous", root(2, 6), 2 * root(1, 3))
verify_at_least(
    "… not additive: from (1, 0) and (0, 1) to (1, 1) it misses",
    root(1, 0) + root(0, 1) - root(1, 1),
    0.7,
)
verify_at_least(
    "conjugation: additive but not homogeneous over ℂ, it misses",
    abs(np.conj(c * u) - c * np.conj(u)).max(),
    1.0,
)

# %% [markdown]
r"""
### Not every function has a derivative

**The notes say** that differentiation and integration act on the space of all functions $\mathbb R\to\mathbb R$.

**Right is** that they need smaller domains, such as $D:C^1(\mathbb R)\to C^0(\mathbb R)$ and $\int_0^1:C^0[0,1]\to\mathbb R$. The function $|x|$ has two slopes at 0, and $1/x$ has no integral down to 0.
"""

# %% tags=["checks"]
from scipy import integrate

h = 10.0 ** -np.arange(1, 9)
verify(
    "|x| at 0: difference quotients from the right and from the left",
    np.array([abs(h) / h, abs(-h) / -h]),
    np.array([[1.0] * 8, [-1.0] * 8]),
)
tail = [integrate.quad(lambda x: 1 / x, a, 10 * a)[0] for a in h]
verify("∫ 1/x over each further decade towards 0", tail, np.full(8, np.log(10)))

# %% [markdown]
r"""
### What the matrix of a map does

**The notes say** that $A_\Phi$ transforms to the new basis.

**Right is** that it takes the $B$-coordinates of $x$ to the $C$-coordinates of $\Phi(x)$, which is another vector. Only for $\Phi=\mathrm{id}$ is it a change of basis.
"""

# %% tags=["checks"]
rng = np.random.default_rng(6)
B, C, M, x = *rng.normal(size=(3, 3, 3)), rng.normal(size=3)  # Φ(x) = Mx
coordinates = np.linalg.solve
A_phi = np.stack([coordinates(C, M @ b) for b in B.T], axis=1)
verify(
    "A_Φ times the B-coordinates of x are the C-coordinates of Φ(x)",
    A_phi @ coordinates(B, x),
    coordinates(C, M @ x),
    atol=1e-10,
)
verify_at_least(
    "… and not those of x: they differ by",
    np.linalg.norm(A_phi @ coordinates(B, x) - coordinates(C, x)),
    0.5,
)

# %% [markdown]
r"""
### A distance is a number

**The notes say** that $d(a,b)$ is a vector.

**Right is** that only $a-b$ is a vector; the distance is a non-negative number.
"""

# %% tags=["checks"]
from scipy.spatial.distance import euclidean

a, b = np.array([1.0, 2, 2]), np.array([3.0, 5, 8])
Q = np.linalg.qr(np.random.default_rng(7).normal(size=(3, 3)))[0]
verify(
    "distance of (1,2,2) and (3,5,8), also after a rotation",
    [euclidean(a, b), euclidean(Q @ a, Q @ b)],
    [7.0, 7.0],
)
verify_at_least(
    "the vector a − b is turned by the rotation: change of length",
    np.linalg.norm(Q @ (a - b) - (a - b)),
    1.0,
)

# %% [markdown]
r"""
### An inner product is not a distance

**The notes say** that positive definiteness means no negative distances, and symmetry equal distance both ways.

**Right is** that definiteness concerns $\langle x,x\rangle$ only. $\langle x,y\rangle$ may be negative, and is so for half of all pairs when $x$ and $-x$ are equally likely.
"""

# %% tags=["checks"]
rng = np.random.default_rng(8)
G = np.array([[2, 1], [1, 3]])  # ⟨x, y⟩ = xᵀGy
x, y = rng.normal(size=(2, 10_000, 2))
product = ((x @ G) * y).sum(1)
verify_within_se("share of pairs with a negative product", product < 0, 1 / 2)
verify(
    "least ⟨x, x⟩ over |x|², the smaller eigenvalue (5 − √5)/2",
    (((x @ G) * x).sum(1) / (x**2).sum(1)).min(),
    (5 - np.sqrt(5)) / 2,
    rtol=1e-3,
)

# %% [markdown]
r"""
### What the Gram matrix holds

**The notes say** that its entries are norms amongst basis vectors.

**Right is** that they are the inner products $\langle b_i,b_j\rangle$; only the diagonal holds (squared) norms, and the rest may be negative.
"""

# %% tags=["checks"]
B = np.array([[1.0, -2], [0, 1]])  # basis vectors in columns
gram = B.T @ B
c, e = np.random.default_rng(9).normal(size=(2, 2))
verify("inner product from coordinates", c @ gram @ e, (B @ c) @ (B @ e))
norms = np.linalg.norm(B[:, :, None] - B[:, None, :], axis=0)  # of the differences
verify_at_least(
    "with distances of basis vectors instead it is off by",
    abs(c @ norms @ e - (B @ c) @ (B @ e)),
    0.5,
)
verify_at_most("an entry of the Gram matrix that is no norm", gram.min(), -1.0)

# %% [markdown]
r"""
### Similar, or just long?

**The notes say** that a large inner product means a small distance, and vice versa.

**Right is** that this holds for vectors of equal length only. $x=(1,0)$ has inner product 10 with $10x$, at distance 9, but 1 with itself, at distance 0.
"""

# %% tags=["checks"]
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits

X = load_digits().data


def disagree(X):
    """Share of images whose nearest one has not the largest inner product."""
    self = np.diag(np.full(len(X), np.inf))
    return np.mean((cdist(X, X) + self).argmin(1) != (X @ X.T - self).argmax(1))


verify(
    "digits scaled to length 1: share that disagrees",
    disagree(X / np.linalg.norm(X, axis=1)[:, None]),
    0.0,
    atol=1e-3,
)
verify_at_least("digits as they are: share that disagrees", disagree(X), 0.8)

# %% [markdown]
r"""
### Orthogonal means square

**The notes say** that a matrix with orthonormal columns is orthogonal and satisfies $AA^\top=I=A^\top A$.

**Right is** that this needs a square matrix. For a tall one $A^\top A=I$ still holds, but $AA^\top$ is only a projection: for $5\times2$ it misses $I_5$ by $\sqrt3$ in the Frobenius norm.
"""

# %% tags=["checks"]
Q = np.linalg.qr(np.random.default_rng(10).normal(size=(5, 2)))[0]
verify("orthonormal columns, 5×2: QᵀQ", Q.T @ Q, np.eye(2), atol=1e-12)
verify(
    "… and the distance of QQᵀ from I₅", np.linalg.norm(np.eye(5) - Q @ Q.T), np.sqrt(3)
)

# %% [markdown]
r"""
### Roots are numbers

**The notes say** that the eigenvectors are the roots of the characteristic polynomial.

**Right is** that the eigenvalues are the roots; the eigenvectors are the non-zero vectors in the kernel of $A-\lambda I$.
"""

# %% tags=["checks"]
A = np.array([[4.0, 1], [2, 3]])
p = lambda lam: np.linalg.det(A - lam * np.eye(2))
verify(
    "roots of the characteristic polynomial x² − 7x + 10",
    [p(2), p(5)],
    [0.0, 0.0],
    atol=1e-12,
)
verify(
    "(1, 1) and (1, −2) are mapped to 5 and 2 times themselves",
    A @ [[1, 1], [1, -2]],
    [[5.0, 2], [5, -4]],
)
verify_at_least(
    "the entries 1, −2 of the eigenvectors are no roots: |p| there",
    np.abs([p(1), p(-2)]),
    4.0,
    atol=1e-9,
)

# %% [markdown]
r"""
### Divide by 2a

**The notes say** that in the quadratic formula one divides by 2.

**Right is** by $2a$. For $2x^2-6x+4$ the roots are 1 and 2; dividing by 2 gives 2 and 4.
"""

# %% tags=["checks"]
rng = np.random.default_rng(11)
a, b, c = rng.normal(size=(3, 100))
root = np.sqrt(b**2 - 4 * a * c + 0j)
value = lambda x: abs(a * x**2 + b * x + c)
verify(
    "100 random quadratics: the value at (−b + √(b² − 4ac))/2a",
    value((-b + root) / (2 * a)),
    np.zeros(100),
    atol=1e-8,
)
verify_at_least(
    "divided by 2 instead: median of the value", np.median(value((root - b) / 2)), 0.2
)

# %% [markdown]
r"""
### One eigenspace each

**The notes say** that all eigenvectors of $A$ span "the eigenspace".

**Right is** that every eigenvalue has its own. All eigenvectors together span the direct sum of these spaces, and a sum of eigenvectors from two of them is none.
"""

# %% tags=["checks"]
S, rank = np.random.default_rng(12).normal(size=(3, 3)), np.linalg.matrix_rank
A = S @ np.diag([2, 2, 3]) @ np.linalg.inv(S)
verify(
    "eigenvalues 2, 2, 3: dimensions of the eigenspaces of 2 and of 3",
    [3 - rank(A - lam * np.eye(3), tol=1e-8) for lam in (2, 3)],
    [2, 1],
)
x = S[:, 0] + S[:, 2]  # from both
across = A @ x - (x @ A @ x) / (x @ x) * x
verify_at_least(
    "a sum of eigenvectors from both: part of Ax that leaves its line",
    np.linalg.norm(across),
    0.3,
)

# %% [markdown]
r"""
### Not every square matrix

**The notes say** that any square matrix decomposes as $V\Lambda V^{-1}$.

**Right is** that it needs $n$ independent eigenvectors (symmetric matrices and those with distinct eigenvalues have them). $\begin{pmatrix}1&1\\0&1\end{pmatrix}$ has a single direction.
"""

# %% tags=["checks"]
jordan = np.array([[1.0, 1], [0, 1]])
verify(
    "[[1,1],[0,1]]: dimension of the only eigenspace",
    2 - np.linalg.matrix_rank(jordan - np.eye(2)),
    1,
)
eps = 10.0 ** -np.arange(2, 6)
cond = [np.linalg.cond(np.linalg.eig(jordan + np.diag([0, e]))[1]) for e in eps]
verify(
    "with 1 + ε below: the condition number of V grows like 2/ε",
    cond,
    2 / eps,
    rtol=1e-2,
)

# %% [markdown]
r"""
### Semi, unless the columns are independent

**The notes say** that $A^\top A$ is symmetric positive definite for any $A$.

**Right is** positive semidefinite in general: $x^\top A^\top Ax=\|Ax\|^2$ is 0 on the kernel of $A$. It is positive definite if and only if the columns of $A$ are independent.
"""

# %% tags=["checks"]
rng = np.random.default_rng(13)
wide, tall = rng.normal(size=(2, 4)), rng.normal(size=(6, 4))
low = np.linalg.eigvalsh(wide.T @ wide)
verify("2×4: number of eigenvalues 0 of AᵀA", int((abs(low) < 1e-10).sum()), 4 - 2)
verify(
    "6×4: smallest eigenvalue of AᵀA, against the smallest stretch of A",
    np.linalg.eigvalsh(tall.T @ tall)[0],
    np.linalg.norm(tall, -2) ** 2,
)
verify_at_least("… which is positive", np.linalg.norm(tall, -2) ** 2, 0.1)

# %% [markdown]
r"""
### Not for semidefinite matrices

**The notes say** that positive leading minors mean positive semidefinite, and that everything else is indefinite.

**Right is** that positive leading minors characterise positive definite matrices. Non-negative ones do not even give semidefinite, as $\operatorname{diag}(0,-1)$ shows, and $\operatorname{diag}(0,1)$ is neither definite nor indefinite.
"""

# %% tags=["checks"]
A = np.random.default_rng(14).normal(size=(500, 3, 3))
A = A + A.transpose(0, 2, 1) + 3 * np.eye(3)
minors = np.array([np.linalg.det(A[:, :k, :k]) for k in (1, 2, 3)])
by_minors, by_eigenvalues = (minors > 0).all(0), np.linalg.eigvalsh(A)[:, 0] > 0
verify(
    "500 symmetric 3×3: leading minors and eigenvalues disagree on definiteness",
    int((by_minors != by_eigenvalues).sum()),
    0,
)
verify_at_least(
    "… with so many definite, and so many not",
    [by_minors.sum(), (~by_minors).sum()],
    50,
)
verify(
    "diag(0, −1) and diag(0, 1), both with the leading minors 0, 0: eigenvalues",
    np.array([np.linalg.eigvalsh(np.diag([0, s])) for s in (-1.0, 1.0)]),
    [[-1.0, 0], [0, 1]],
    atol=1e-15,
)

# %% [markdown]
r"""
### Unique up to signs

**The notes say** that the triangular factor of the Cholesky decomposition is unique.

**Right is** that $L\operatorname{diag}(\pm1)$ works as well; it is unique if the diagonal is to be positive. For a singular semidefinite matrix not even a non-negative diagonal helps: $\operatorname{diag}(0,1)=LL^\top$ for every $L=\begin{pmatrix}0&0\\s&c\end{pmatrix}$ with $s^2+c^2=1$.
"""

# %% tags=["checks"]
F = np.random.default_rng(15).normal(size=(3, 5))
L = np.linalg.cholesky(F @ F.T)
signs = np.array(np.meshgrid(*[[1, -1]] * 3)).reshape(3, -1).T
verify(
    "all eight choices of signs give a factor of the same matrix",
    np.array([(L * s) @ (L * s).T for s in signs]),
    np.array([F @ F.T] * 8),
    atol=1e-12,
)
verify(
    "… the nearest to L is apart from it by twice its smallest column",
    min(np.linalg.norm(L * s - L) for s in signs if -1 in s),
    2 * np.linalg.norm(L, axis=0).min(),
)
flat = [np.array([[0, 0], [math.sin(t), math.cos(t)]]) for t in (0, 0.5, 1)]
verify(
    "diag(0, 1) has factors with t = 0, ½, 1",
    np.array([F @ F.T for F in flat]),
    np.array([np.diag([0.0, 1])] * 3),
    atol=1e-15,
)

# %% [markdown]
r"""
### Sum and maximum

**The notes say** that $p=1$ yields the maximum norm.

**Right is** that $p=1$ yields the sum of the absolute entries; the maximum is the limit $p\to\infty$.
"""

# %% tags=["checks"]
A = np.random.default_rng(16).normal(size=(3, 4))
norm = lambda p: np.sum(abs(A) ** p) ** (1 / p)
verify("p = 1: the sum of the absolute entries", norm(1), np.linalg.norm(A.ravel(), 1))
verify("p = 400: the maximum", norm(400), abs(A).max(), rtol=0.01)
verify_at_least("p = 1: the norm over the maximum", norm(1) / abs(A).max(), 3.0)

# %% [markdown]
r"""
### Orthogonal columns are not enough

**The notes say** that $W^+=W^\top$ if $W$ has orthogonal columns.

**Right is** that they must be orthonormal. For $W=QD$ with orthonormal $Q$ and invertible diagonal $D$, $W^+=D^{-1}Q^\top$.
"""

# %% tags=["checks"]
Q = np.linalg.qr(np.random.default_rng(17).normal(size=(6, 3)))[0]
scale = np.array([2, 0.5, 3])
verify("orthonormal columns: Q⁺ = Qᵀ", np.linalg.pinv(Q), Q.T, atol=1e-12)
verify(
    "orthogonal ones: (QD)⁺ = D⁻¹Qᵀ",
    np.linalg.pinv(Q * scale),
    Q.T / scale[:, None],
    atol=1e-12,
)
verify(
    "… and not (QD)ᵀ: the distance is that of D from its inverse",
    np.linalg.norm(np.linalg.pinv(Q * scale) - (Q * scale).T),
    np.linalg.norm(scale - 1 / scale),
)

# %% [markdown]
"""
## 3. Probability and information
"""

# %% [markdown]
r"""
### The mean of which function?

**The notes say** that $\mathbb E[f(x)]=\int x\,f(x)\,dx$.

**Right is** that, with $f$ the density, $\int x\,f(x)\,dx$ is $\mathbb E[X]$. The mean of a function $g$ is $\int g(x)\,f(x)\,dx$.
"""

# %% tags=["checks"]
draws = np.random.default_rng(0).exponential(1 / 3, 200_000)
f = lambda x: 3 * np.exp(-3 * x)
verify_within_se(
    "exponential law of rate 3: the mean of X is ∫ x f = 1/3", draws, 1 / 3
)
verify_within_se("… the mean of f(X) is ∫ f² = 3/2", f(draws), 3 / 2)

# %% [markdown]
r"""
### Where the square belongs

**The notes say** that $\mathbb E[XY]^2\le\mathbb E[X]^2\,\mathbb E[Y^2]$.

**Right is** that the first factor is $\mathbb E[X^2]$. For $X=Y\sim\mathcal N(0,1)$ the left side is 1, and $\mathbb E[X]^2=0$.
"""

# %% tags=["checks"]
rng = np.random.default_rng(1)
X, Y = rng.normal(size=(2, 1000, 6))  # 1000 laws, each on six pairs of values
weights = rng.dirichlet(np.ones(6), 1000)
mean = lambda Z: (weights * Z).sum(1)
verify_at_least(
    "1000 laws: E[X²] E[Y²] over E[XY]²",
    mean(X**2) * mean(Y**2) / mean(X * Y) ** 2,
    1.0,
)
verify_at_least(
    "… share of them that break the printed inequality",
    np.mean(mean(X * Y) ** 2 > mean(X) ** 2 * mean(Y**2)),
    0.3,
)

# %% [markdown]
r"""
### A density is never negative

**The notes say** that the density of $\alpha Y$ has the factor $1/\alpha$.

**Right is** $1/\lvert\alpha\rvert$. With $1/\alpha$ the "density" of $-3Y$ integrates to $-1$.
"""

# %% tags=["checks"]
from scipy import integrate, stats

f, alpha = stats.gamma(2).pdf, -3
mass = lambda factor, a, b: integrate.quad(lambda z: factor * f(z / alpha), a, b)[0]
draws = alpha * np.random.default_rng(2).gamma(2, size=100_000)
verify_within_se(
    "−3 times a gamma variable: probability of [−6, −3]",
    (draws > -6) & (draws < -3),
    mass(1 / abs(alpha), -6, -3),
)
verify(
    "the integral with the factor 1/α, and with 1/|α|",
    [mass(1 / alpha, -np.inf, 0), mass(1 / abs(alpha), -np.inf, 0)],
    [-1.0, 1.0],
    rtol=1e-6,
)

# %% [markdown]
r"""
### The exponential got lost

**The notes say** that $\mathbb E[\exp(t^\top x)]=\int t^\top x\,f(x)\,dx$.

**Right is** $\int e^{t^\top x}f(x)\,dx$. The other integral is $t^\top\mathbb E[x]$.
"""

# %% tags=["checks"]
rng, t, mu = np.random.default_rng(3), np.array([0.3, -0.5]), np.array([1, 0.5])
L = np.array([[1, 0], [0.5, 0.8]])  # Σ = LLᵀ
x = mu + rng.normal(size=(100_000, 2)) @ L.T
truth = np.exp(t @ mu + t @ L @ L.T @ t / 2)
verify_within_se(
    "Gaussian in the plane: mean of exp(tᵀx), against exp(tᵀμ + ½tᵀΣt)",
    np.exp(x @ t),
    truth,
)
verify_within_se("… mean of tᵀx, against tᵀμ", x @ t, t @ mu)
verify_at_least("… between the two", truth - t @ mu, 0.5)

# %% [markdown]
r"""
### A transform that is not 1 at 0

**The notes say** that the gamma law has $M(t)=\bigl(\frac1{\alpha-\beta t}\bigr)^\alpha$ for $t<1/\beta$.

**Right is** $\bigl(\frac1{1-\beta t}\bigr)^\alpha$, with $\beta$ the scale. Every $M(0)=\mathbb E[e^0]$ is 1; the notes' formula gives $\alpha^{-\alpha}$ there.
"""

# %% tags=["checks"]
from scipy import integrate, stats

alpha, beta, t = 2.5, 0.4, np.array([-1, 0, 1.2])
f = stats.gamma(alpha, scale=beta).pdf
M = [integrate.quad(lambda x, s: np.exp(s * x) * f(x), 0, 60, args=s)[0] for s in t]
verify(
    "gamma law: ∫ exp(tx) f(x) dx is (1 − βt)^−α at t = −1, 0, 1.2",
    M,
    (1 - beta * t) ** -alpha,
    rtol=1e-6,
)
verify_at_least("… over the notes' formula", M * (alpha - beta * t) ** alpha, 5.0)

# %% [markdown]
r"""
### What the off-diagonal blocks are

**The notes say** that the blocks $\Sigma_{12},\Sigma_{21}$ are positive semidefinite.

**Right is** that they are rectangular in general, with $\Sigma_{21}=\Sigma_{12}^\top$. Semidefinite are $\Sigma_{11}$, $\Sigma_{22}$ and the whole; two variables with correlation $-0.6$ have $\Sigma_{12}=-0.6$.
"""

# %% tags=["checks"]
rng = np.random.default_rng(4)
x = rng.normal(size=(100_000, 3)) @ np.array([[1, 0, 0], [-0.6, 0.8, 0], [1, 1, 1]]).T
verify_within_se("Σ₁₂ of two variables with correlation −0.6", x[:, 0] * x[:, 1], -0.6)
S = x.T @ x / len(x)
verify(
    "first variable against the other two: shapes of Σ₁₂ and Σ₂₁",
    (S[:1, 1:].shape, S[1:, :1].shape),
    ((1, 2), (2, 1)),
)
verify_at_least(
    "smallest eigenvalues of Σ₁₁, Σ₂₂ and Σ",
    [np.linalg.eigvalsh(B)[0] for B in (S[:1, :1], S[1:, 1:], S)],
    0.1,
)

# %% [markdown]
r"""
### The sign of the entropy

**The notes say** that $\mathbb E_{P_{data}}[\log P_{data}]$ is the entropy.

**Right is** that it is minus the entropy, $H=-\mathbb E_P[\log P]$.
"""

# %% tags=["checks"]
from scipy import stats

rng = np.random.default_rng(5)
p = np.array([1 / 2, 1 / 4, 1 / 8, 1 / 8])  # codewords 0, 10, 110, 111
symbols = rng.choice(4, size=100_000, p=p)
bits = np.array([1, 2, 3, 3])[symbols]
verify_within_se(
    "mean length of a perfect code is the entropy", bits, stats.entropy(p, base=2)
)
verify_within_se(
    "mean of log₂ p is minus the entropy",
    np.log2(p[symbols]),
    -stats.entropy(p, base=2),
)

# %% [markdown]
r"""
### Not a difference of entropies

**The notes say** that KL is the difference in average information of $p$ and $q$, zero for the same information content.

**Right is** that both logarithms are averaged under $p$. Coins with $0.1$ and $0.9$ have equal entropies, and $KL=0.8\log9\approx1.76$ nats.
"""

# %% tags=["checks"]
from scipy import stats

p, q = np.array([0.1, 0.9]), np.array([0.9, 0.1])
toss = np.random.default_rng(6).choice(2, size=100_000, p=p)
verify_within_se(
    "coins 0.1 and 0.9: mean of log p/q under p, nats",
    np.log(p / q)[toss],
    0.8 * np.log(9),
)
verify(
    "… difference of their entropies",
    stats.entropy(p) - stats.entropy(q),
    0.0,
    atol=1e-12,
)

# %% [markdown]
r"""
### How large can it be?

**The notes say** that the Jensen–Shannon divergence ranges over $[0,\log n]$; elsewhere they define it as $KL(p\,\|\,m)+KL(q\,\|\,m)$.

**Right is** that for two laws the range is $[0,\log2]$ whatever the number of outcomes ($\log n$ belongs to $n$ equally weighted laws), and that the standard definition carries the halves.
"""

# %% tags=["checks"]
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

apart = np.eye(5)  # five laws on five outcomes, no two with a common one
verify(
    "two laws on five outcomes, as far apart as can be: JS",
    jensenshannon(*apart[:2]) ** 2,
    np.log(2),
)
verify(
    "five such laws: mean of KL to their average",
    entropy(apart, apart.mean(0), axis=1).mean(),
    np.log(5),
)
p, q = np.random.default_rng(7).dirichlet(np.ones(5), (2, 2000))
sum_of_two = entropy(p, (p + q) / 2, axis=1) + entropy(q, (p + q) / 2, axis=1)
verify(
    "2000 pairs: KL(p‖m) + KL(q‖m), over SciPy's JS",
    sum_of_two / jensenshannon(p, q, axis=1) ** 2,
    np.full(2000, 2.0),
)
verify_at_most("… JS", jensenshannon(p, q, axis=1) ** 2, np.log(2))

# %% [markdown]
"""
## 4. Regression and classification
"""

# %% [markdown]
r"""
### The mean's minimum is not the sum's minimum

**The notes say** that the minimum of the mean squared error equals the minimum of the summed squared error.

**Right is** that the two minima differ by the factor $n$; only the minimisers agree.
"""

# %% tags=["checks"]
from scipy import optimize

rng = np.random.default_rng(0)
x = rng.normal(size=40)
y = 2 * x + 1 + rng.normal(size=40)
squares = lambda p: (y - p[0] * x - p[1]) ** 2
total = optimize.minimize(lambda p: squares(p).sum(), [0, 0])
mean = optimize.minimize(lambda p: squares(p).mean(), [0, 0])
verify("sum and mean have the same minimiser", total.x, mean.x, atol=1e-4)
verify(
    "minimum of the sum, over that of the mean", total.fun / mean.fun, 40.0, rtol=1e-6
)

# %% [markdown]
r"""
### Multiplying by the transpose can lose the question

**The notes say** that $Ax=b$ and $A^\top Ax=A^\top b$ are equivalent.

**Right is** that only the first implies the second. For $A=(1,1)^\top$, $b=(0,1)^\top$ the second has the solution $\frac12$, the first has none. They are equivalent if $b\in\operatorname{im}A$.
"""

# %% tags=["checks"]
A, b = np.array([[1.0], [1]]), np.array([0.0, 1])
x = np.linalg.solve(A.T @ A, A.T @ b)
verify("solution of the normal equations", x, [1 / 2])
distance = np.abs(A * np.linspace(-2, 3, 5001) - b[:, None])  # of Ax from b, for many x
verify(
    "the least distance of any Ax from b, by search",
    np.hypot(*distance).min(),
    1 / np.sqrt(2),
    rtol=1e-6,
)
verify(
    "b = (3, 3) lies in the image: they solve Ax = b",
    A @ np.linalg.solve(A.T @ A, A.T @ [3.0, 3]),
    [3.0, 3.0],
)

# %% [markdown]
r"""
### Existence is not an algorithm

**The notes say** that by Weierstrass' theorem polynomial fitting can handle any data distribution in any dimension.

**Right is** that the theorem is about continuous functions on compact sets and constructs nothing from data: interpolation of $1/(1+25x^2)$ at ever more equispaced points diverges. And in $n$ variables there are $\binom{n+k}k$ monomials of degree at most $k$.
"""

# %% tags=["checks"]
from scipy.interpolate import BarycentricInterpolator
from sklearn.preprocessing import PolynomialFeatures

f = lambda x: 1 / (1 + 25 * x**2)
fine = np.linspace(-1, 1, 4001)


def slope(nodes, degrees):
    """Growth of the logarithm of the largest error of interpolation, per degree."""
    through = [BarycentricInterpolator(nodes(N), f(nodes(N)), rng=0) for N in degrees]
    gaps = [abs(p(fine) - f(fine)).max() for p in through]
    return np.polyfit(degrees, np.log(gaps), 1)[0]


verify(
    "equispaced points: the error grows by the factor eʳ a degree, r",
    slope(lambda N: np.linspace(-1, 1, N + 1), [40, 44, 48, 52]),
    np.log(2) - np.log(1 + 1 / 25) / 2 - np.arctan(5) / 5,
    rtol=0.05,
)
verify(
    "Chebyshev's points: it falls by the factor (1 + √26)/5",
    slope(lambda N: np.cos(np.pi * (np.arange(N + 1) + 0.5) / (N + 1)), [20, 40, 60]),
    -np.log((1 + np.sqrt(26)) / 5),
    rtol=0.05,
)
cubic = PolynomialFeatures(3).fit(np.zeros((1, 64)))
verify(
    "monomials of degree at most 3 in 64 pixels",
    cubic.n_output_features_,
    math.comb(64 + 3, 3),
)

# %% [markdown]
r"""
### No improvement need not mean a wrong model

**The notes say** that if adding data brings no improvement, the model is not right.

**Right is** that it may be right and have reached the irreducible noise, where no model improves further: with $p$ parameters and $n$ points the error of a right linear model is $\sigma^2(1+p/n)$.
"""

# %% tags=["checks"]
rng = np.random.default_rng(1)


def errors(n, degree, runs=300):
    """Error on new answers (noise variance 1) to n points of a cubic."""
    x = np.linspace(-1, 1, n)[:, None]
    truth = 4 * x**3 - 3 * x
    V = np.vander(x[:, 0], degree + 1)
    y, new = truth + rng.normal(size=(2, n, runs))
    return ((V @ np.linalg.lstsq(V, y)[0] - new) ** 2).mean(0)


right = errors(1000, 3)
verify_within_se(
    "the right model, degree 3, at 1000 points: 1 + 4/1000", right, 1 + 4 / 1000
)
verify_at_most(
    "… what ten times more data bring it",
    abs(right.mean() - errors(10_000, 3).mean()),
    0.02,
)
verify_at_least(
    "a wrong model, degree 1, at 1000 points: its error lies above, by",
    errors(1000, 1).mean() - right.mean(),
    0.2,
)

# %% [markdown]
r"""
### Polynomial features work with any loss

**The notes say** that polynomial regression is not possible without the squared error and that regularising it is hard.

**Right is** that any loss takes polynomial features, only the closed form is lost; and [ridge regression](#ridge-regression) regularises with a closed form.
"""

# %% tags=["checks"]
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import PolynomialFeatures

rng = np.random.default_rng(2)
x = rng.normal(size=(2000, 2))
far = (x**2).sum(1) > 2 * np.log(2)  # one half: inside and outside of a disc
score = lambda P: (
    LogisticRegression(C=100).fit(P[:1000], far[:1000]).score(P[1000:], far[1000:])
)
verify_at_most("logistic loss, raw features: accuracy", score(x), 0.6)
verify_at_least(
    "logistic loss, features of degree 2: accuracy",
    score(PolynomialFeatures(2).fit_transform(x)),
    0.95,
)
t = rng.uniform(-1, 1, 20)
P, y = np.vander(t, 16), np.sin(3 * t) + 0.1 * rng.normal(size=20)
w = np.linalg.solve(P.T @ P + 0.01 * np.eye(16), P.T @ y)
verify(
    "degree 15 with a penalty: closed form, against an iterative solver",
    w,
    Ridge(0.01, fit_intercept=False, solver="lsqr", tol=1e-12).fit(P, y).coef_,
    atol=1e-6,
)

# %% [markdown]
r"""
### Zero is not a trap

**The notes say** that with an L1 penalty a parameter that is zero stays at zero.

**Right is** that it stays only while the data do not pull harder than the penalty, $\lvert\partial_i\ell\rvert\le\lambda$; otherwise it leaves zero. And plain subgradient descent does not arrive at exact zeros at all; [soft-thresholding](#soft-thresholding) steps do.
"""

# %% tags=["checks"]
from sklearn.linear_model import Lasso

rng, n, lam = np.random.default_rng(3), 200, 0.1
X = np.linalg.qr(rng.normal(size=(n, 30)))[0] * np.sqrt(n)  # XᵀX = nI
y = X[:, :5] @ [1, -1, 1, 1, -0.5] + rng.normal(size=n)
pull = X.T @ y / n  # −∂ℓ at w = 0
w = Lasso(lam, fit_intercept=False, tol=1e-12).fit(X, y).coef_  # starts at zero
verify(
    "lasso: those pulled harder than λ leave zero, to pull ∓ λ",
    w,
    np.sign(pull) * np.maximum(abs(pull) - lam, 0),
    atol=1e-8,
)
verify_at_least(
    "… how many leave, and how many stay", [np.sum(w != 0), np.sum(w == 0)], 5
)
v = np.zeros(30)
for t in range(5000):
    v -= 0.1 / np.sqrt(1 + t) * (v - pull + lam * np.sign(v))
verify("subgradient descent, 5000 steps: exact zeros", int(np.sum(v == 0)), 0)
verify("… though it comes close", v, w, atol=0.01)

# %% [markdown]
r"""
### Which logarithm is zero?

**The notes say** that a confident right answer costs nothing because the logarithm of 0 is 0.

**Right is** that with $\sigma=1$ and $y=1$ the cost is $-\log1=0$, and the other term is multiplied by $1-y=0$. $\log0=-\infty$ belongs to the confident wrong answer, whose cost grows without bound.
"""

# %% tags=["checks"]
import torch

nines = torch.arange(2, 9, dtype=torch.float64)
z = torch.log(10**nines - 1)  # σ(z) = 0.99, 0.999, …
cost = lambda y: torch.nn.functional.binary_cross_entropy_with_logits(
    z, torch.full_like(z, y), reduction="none"
).numpy()
verify(
    "right answers: cost over 1 − σ",
    cost(1.0) * 10 ** nines.numpy(),
    np.ones(7),
    rtol=0.01,
)
verify(
    "wrong answers: what each further nine adds to the cost",
    np.diff(cost(0.0)),
    np.full(6, np.log(10)),
)

# %% [markdown]
r"""
### No formula does not mean no solution

**The notes say** that for logistic regression we cannot really find a solution.

**Right is** that there is no closed form in general. If the classes overlap and the features have full rank, the unique minimiser exists and is found to any precision; if they are separable, the infimum is not attained and the weights grow like $\log t$.
"""

# %% tags=["checks"]
from scipy import optimize, special

rng = np.random.default_rng(4)
X = np.c_[rng.normal(size=50), np.ones(50)]
y = rng.random(50) < special.expit(1.5 * X[:, 0] - 0.5)
gradient = lambda w: X.T @ (special.expit(X @ w) - y)
loss = lambda w: np.logaddexp(0, X @ w).sum() - y @ X @ w
ends = [
    optimize.minimize(loss, w, jac=gradient, tol=1e-9).x
    for w in ([9, 9], [-9, 0], [0, -9])
]
verify(
    "overlapping classes: three starts end at one point",
    ends[1:],
    [ends[0]] * 2,
    atol=1e-7,
)
verify("… where the gradient vanishes", gradient(ends[0]), np.zeros(2), atol=1e-8)
w = 0.0
for _ in range(100_000):  # one point x = 1 with label 1: loss log(1 + e⁻ʷ)
    w += 0.1 / (1 + math.exp(w))
flow = optimize.brentq(lambda w: w + math.exp(w) - 1 - 0.1 * 100_000, 0, 20)
verify(
    "separable: w after 100,000 steps, against the root of w + eʷ = 1 + ηt",
    w,
    flow,
    rtol=1e-4,
)

# %% [markdown]
"""
## 5. Gradient descent
"""

# %% [markdown]
r"""
### Linear or affine

**The notes say** that $w^\top x+b$ is linear, right after they have defined linear as additive and homogeneous.

**Right is** that with $b\ne0$ it is affine: $f(x+y)-f(x)-f(y)=-b$.
"""

# %% tags=["checks"]
import torch

torch.manual_seed(0)
f, (x, y) = torch.nn.Linear(4, 1).double(), torch.randn(2, 4, dtype=torch.float64)
verify(
    'PyTorch\'s "linear" layer: f(x + y) − f(x) − f(y)',
    f(x + y) - f(x) - f(y),
    -f.bias,
    rtol=1e-6,
)
verify_at_least("… which is not 0", abs(f.bias), 0.01)

# %% [markdown]
r"""
### Which function must be differentiable?

**The notes say** that the gradient must be differentiable, and that this holds if and only if the partial derivatives exist and are continuous.

**Right is** that $f$ must be differentiable; continuous partial derivatives suffice and are not necessary, as $x^2\sin\frac1x$ shows.
"""

# %% tags=["checks"]
f = lambda x: x**2 * np.sin(1 / x)
h = np.logspace(-1, -8, 50)
verify_at_most(
    "x² sin(1/x): |f(h)/h| over h, so f′(0) = 0", abs(f(h) / h) / h, 1.0, atol=1e-9
)
k = np.arange(10_000, 10_020)
x = 1 / (np.pi * k)
slope = (f(x + 1e-4 * x**2) - f(x - 1e-4 * x**2)) / (2e-4 * x**2)
verify(
    "its slope near 0 goes on swinging between −1 and 1",
    slope,
    -((-1.0) ** k),
    atol=1e-3,
)

# %% [markdown]
r"""
### A zero gradient is not yet a minimum

**The notes say** that once the gradient is null we have effectively reached a (local) minimum.

**Right is** that we have reached a stationary point, which may be a saddle or a maximum.
"""

# %% tags=["checks"]
f = lambda x, y: x**2 / 2 - y**2 / 2 + y**4 / 4
x = np.array([[1.0, 1.0], [0.0, 1e-6]])  # two starts, in columns
for _ in range(400):
    x = x - 0.1 * np.array([x[0], x[1] ** 3 - x[1]])
verify("from (1, 0): the end, a stationary point", x[:, 0], [0.0, 0.0], atol=1e-12)
verify(
    "value there, and at the end of the run from a millionth beside",
    f(*x),
    [0, -1 / 4],
    atol=1e-9,
)
t = np.linspace(0.1, 1, 10)
verify_at_most(
    "along y the saddle is not even a local minimum: values beside it", f(0, t), -0.004
)

# %% [markdown]
r"""
### Times continuously differentiable

**The notes say** that $f\in\mathcal C^{n+1}$ means differentiable $n+1$ times.

**Right is** $n+1$ times continuously differentiable. $x^4\sin\frac1x$ is twice differentiable and not in $\mathcal C^2$.
"""

# %% tags=["checks"]
first = lambda x: 4 * x**3 * np.sin(1 / x) - x**2 * np.cos(1 / x)  # f′, and f′(0) = 0
f, h = lambda x: x**4 * np.sin(1 / x), np.logspace(-2, -6, 40)
verify(
    "f = x⁴ sin(1/x): f′ by differences",
    (f(h + h**3) - f(h - h**3)) / (2 * h**3) / h**2,
    first(h) / h**2,
    atol=1e-3,
)
verify_at_most("f″(0) = 0: |f′(h)/h| over h", abs(first(h) / h) / h, 1.1)
k = np.arange(1000, 1020)
x = 1 / (np.pi * (k + 0.5))
second = (first(x + 1e-4 * x**2) - first(x - 1e-4 * x**2)) / (2e-4 * x**2)
verify("… but f″ swings between −1 and 1 near 0", second, -((-1.0) ** k), atol=0.01)

# %% [markdown]
r"""
### Quadratic is not convex

**The notes say** that quadrics are examples of functions that are nonlinear and convex.

**Right is** that only those with positive semidefinite Hessian are. $x^2-y^2$ and $-x^2$ are quadratic and not convex.
"""

# %% tags=["checks"]
rng = np.random.default_rng(1)
H = rng.normal(size=(200, 2, 2))
H = H + H.transpose(0, 2, 1)  # Hessians of 200 quadratics
a, b = rng.normal(size=(2, 3000, 2))  # ends of 3000 chords
f = lambda x: np.einsum("ni,hij,nj->hn", x, H, x) / 2
gap = ((f(a) + f(b)) / 2 - f((a + b) / 2)).min(1)  # the worst chord
verify(
    "200 random quadratics: chords and Hessian disagree on convexity",
    int(np.sum((gap >= 0) != (np.linalg.eigvalsh(H)[:, 0] >= 0))),
    0,
)
verify_at_least("… share that is not convex", np.mean(gap < 0), 0.5)

# %% [markdown]
r"""
### Not convex does not mean concave

**The notes say** that the sign (or sine) is not convex because it is concave.

**Right is** that it is neither. $\operatorname{sign}$ violates convexity between $-1$ and $3$, where the midpoint has value $1>0$, and concavity between $-3$ and $1$, where it has $-1<0$.
"""

# %% tags=["checks"]
above = lambda f, a, b: (
    f((a + b) / 2) - (f(a) + f(b)) / 2
)  # the midpoint over the chord
verify(
    "sign: from −1 to 3 and from −3 to 1",
    [above(np.sign, -1, 3), above(np.sign, -3, 1)],
    [1.0, -1.0],
)
verify(
    "sine: from 0 to π and from π to 2π",
    [above(np.sin, 0, np.pi), above(np.sin, np.pi, 2 * np.pi)],
    [1.0, -1.0],
)

# %% [markdown]
r"""
### Strict convexity promises at most one minimiser

**The notes say**, twice, that strict convexity guarantees a unique global minimum.

**Right is** that it guarantees at most one; $e^x$ has none. [Strong convexity](#strong-convexity) guarantees exactly one.
"""

# %% tags=["checks"]
from scipy import special

steps, x = 10_000, 0.0
for _ in range(steps):
    x -= math.exp(x)
verify(
    "eˣ: gradient descent runs off, after t steps to −log t",
    x,
    -math.log(steps),
    rtol=1e-3,
)
z = np.linspace(-3, 3, 50)  # fifty starts
for _ in range(1000):
    z = z - 0.04 * (np.exp(z) + z)
verify(
    "eˣ + x²/2: all fifty starts reach −W(1), where eˣ = −x",
    z,
    np.full(50, -special.lambertw(1).real),
)

# %% [markdown]
r"""
### A convex function may have no minimum at all

**The notes say** that a convex function has no local minima, only global ones.

**Right is** that every local minimum is global, and that there may be none: $\log(1+e^x)$ does not attain its infimum $0$.
"""

# %% tags=["checks"]
x = np.random.default_rng(2).uniform(-4, 4, 50)
for _ in range(100):  # max(|x| − 1, 0): many local minima
    x = x - 0.1 * np.sign(x) * (abs(x) > 1)
verify(
    "trough max(|x| − 1, 0): fifty runs end at the value 0",
    np.maximum(abs(x) - 1, 0),
    np.zeros(50),
    atol=1e-12,
)
verify_at_least("… at points as far apart as", np.ptp(x), 1.5)
x, seen = 0.0, []
for t in range(1, 100_001):
    x -= 1 / (1 + math.exp(-x))
    if t in (1000, 10_000, 100_000):
        seen.append(t * math.log1p(math.exp(x)))
verify(
    "log(1 + eˣ): the value falls like 1/t and never arrives; value times t",
    seen,
    np.ones(3),
    rtol=0.02,
)

# %% [markdown]
r"""
### It is the second derivative

**The notes say** that $f'(x)\ge0$ is among the properties of convex functions.

**Right is** $f''(x)\ge0$. The first is monotonicity, which the convex function $x^2$ violates at $-1$.
"""

# %% tags=["checks"]
import torch

x = torch.linspace(-3, 3, 601, dtype=torch.float64, requires_grad=True)
convex = {
    "x²": x**2,
    "log(2 cosh x)": torch.logaddexp(x, -x),
    "eˣ − x": torch.exp(x) - x,
}
first = [torch.autograd.grad(f.sum(), x, create_graph=True)[0] for f in convex.values()]
second = [torch.autograd.grad(g.sum(), x)[0].numpy() for g in first]
verify(
    "1/cosh² is the second derivative of log(2 cosh x)",
    second[1],
    1 / np.cosh(x.detach().numpy()) ** 2,
)
verify_at_least(
    "three convex functions: least second derivative", np.min(second, 1), 0.0
)
verify_at_most("… least first derivative", [g.min().item() for g in first], -0.9)

# %% [markdown]
r"""
### Safe is not optimal

**The notes say** that a fixed step $\eta\le1/L$ is optimal for $L$-smooth functions.

**Right is** that it is safe: the loss does not rise. Tiny steps satisfy it too; on strongly convex quadratics $2/(L+\mu)$ contracts faster, and [momentum](#momentum) faster than any fixed step without it.
"""

# %% tags=["checks"]
lam = np.linspace(1, 25, 200)  # curvatures: μ = 1, L = 25
eta = np.linspace(0.001, 0.1, 9901)
factor = abs(1 - eta[:, None] * lam).max(1)
verify(
    "the best fixed step by search is 2/(L + μ)",
    eta[factor.argmin()],
    2 / 26,
    atol=2e-5,
)
verify(
    "contraction by that step, and by 1/L",
    [factor.min(), factor[abs(eta - 1 / 25).argmin()]],
    [24 / 26, 24 / 25],
    rtol=1e-3,
)
x, beta = np.ones((2, 200)), (4 / 6) ** 2
for _ in range(300):
    x = np.array([x[0] - 4 / 36 * lam * x[0] + beta * (x[0] - x[1]), x[0]])
rate = np.linalg.norm(x[0]) ** (1 / 300)
verify(
    "heavy ball: contraction a step, against (√κ − 1)/(√κ + 1)", rate, 4 / 6, rtol=0.03
)

# %% [markdown]
r"""
### Which one is Euler's method?

**The notes say** that gradient flow is Euler's method, the numerical integration of $\dot x=-\nabla f$.

**Right is** that the flow is the differential equation itself; gradient descent is its numerical integration by Euler's forward method, with an error of order $\eta$.
"""

# %% tags=["checks"]
from scipy.linalg import expm

H, start = np.array([[2, 0.6], [0.6, 1]]), np.array([1.0, -1])
flow = expm(-H) @ start  # at time 1
steps = np.array([50, 100, 200, 400])
descent = np.array(
    [np.linalg.matrix_power(np.eye(2) - H / k, k) @ start for k in steps]
)
error = np.linalg.norm(descent - flow, axis=1)
verify(
    "half the step: distance of descent from the flow is halved",
    error[:-1] / error[1:],
    np.full(3, 2.0),
    rtol=0.03,
)
verify(
    "… and is η|H²x|/2 to first order",
    error[-1],
    np.linalg.norm(H @ H @ flow) / 2 / 400,
    rtol=0.03,
)

# %% [markdown]
r"""
### Corners are used as they are

**The notes say** that max and absolute value are in general not used, or replaced by something differentiable.

**Right is** that ReLU and max-pooling are among the most used operations of deep learning, corners included. Differentiability almost everywhere and a convention at the corner suffice.
"""

# %% tags=["checks"]
import torch

torch.manual_seed(3)
net = torch.nn.Sequential(
    torch.nn.Linear(10, 64),
    torch.nn.ReLU(),
    torch.nn.MaxPool1d(4),
    torch.nn.Linear(16, 1),
).double()
x = torch.randn(1000, 10, dtype=torch.float64, requires_grad=True)
(slope,) = torch.autograd.grad(net(x).sum(), x)
d, h = torch.randn(1000, 10, dtype=torch.float64), 1e-7
difference = (net(x + h * d) - net(x - h * d))[:, 0] / (2 * h)
verify(
    "ReLU and max-pooling at 1000 random points: autograd against differences",
    (slope * d).sum(1),
    difference.detach().numpy(),
    atol=1e-5,
)
a, w = np.random.default_rng(3).normal(size=101), 3.0
for t in range(1, 20_001):
    w -= np.sign(w - a).mean() / np.sqrt(t)  # a slope of mean |w − aᵢ|, 101 corners
verify(
    "mean of |w − aᵢ|, corners and all, by its slopes: the end is the median",
    w,
    np.median(a),
    atol=0.01,
)

# %% [markdown]
r"""
### Three slips about momentum

**The notes say** that $\beta\in[0,1]$, that the velocity is an exponential moving average, and (elsewhere) write the combined update with the gradient at the new point.

**Right is** that $\beta=1$ has no friction and never settles; that the velocity is a geometric sum, with no factor $1-\beta$, so that the effective step is $\eta/(1-\beta)$; and that the gradient is taken at the current point, or the method would be implicit.
"""

# %% tags=["checks"]
import torch


def run(slope, eta, beta, steps, x=1.0):
    """Positions under PyTorch's momentum, at a quadratic (slope x) or a plane (1)."""
    x, at = torch.tensor(x, dtype=torch.float64, requires_grad=True), []
    optimizer = torch.optim.SGD([x], lr=eta, momentum=beta)
    for _ in range(steps):
        x.grad = slope(x.detach())
        optimizer.step()
        at.append(x.item())
    return np.array(at)


plane = run(lambda x: torch.ones_like(x), 0.01, 0.9, 300)
verify(
    "constant slope 1: a step grows to η/(1 − β)",
    plane[-2] - plane[-1],
    0.01 / (1 - 0.9),
    rtol=1e-6,
)
verify_at_least(
    "x²/2 with β = 1: still swings, over its first swing",
    abs(run(lambda x: x, 0.1, 1.0, 1000)[-100:]).max(),
    0.95,
)
edge = 2 * (1 + 0.5)  # beyond it the explicit method diverges, an implicit one never
verify_at_least(
    "β = ½, ηλ five per cent above 2(1 + β): distance after 200 steps",
    abs(run(lambda x: x, 1.05 * edge, 0.5, 200)[-1]),
    100.0,
)
verify_at_most(
    "… five per cent below", abs(run(lambda x: x, 0.95 * edge, 0.5, 200)[-1]), 0.1
)

# %% [markdown]
r"""
### Two points, two names

**The notes say** $\theta^{t+1}=\theta^t+\beta(\theta^t-\theta^{t-1})$ and $\theta^{t+1}=\theta^{t+1}-\eta\nabla f(\theta^{t+1})$, one symbol for the look-ahead point and the new iterate; elsewhere they add a bias-corrected average to the point but a sum to the step.

**Right is** one velocity in both places: $v_t=\beta v_{t-1}-\eta\nabla f(\theta_{t-1}+\beta v_{t-1})$, $\theta_t=\theta_{t-1}+v_t$.
"""

# %% tags=["checks"]
import torch

lam, eta, beta = np.array([1, 30]), 0.02, 0.8
theta, v, mixed, u, m = np.ones(2), np.zeros(2), np.ones(2), np.zeros(2), np.zeros(2)
w = torch.ones(2, dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=eta, momentum=beta, nesterov=True)
for t in range(1, 31):
    v = beta * v - eta * lam * (theta + beta * v)
    theta = theta + v
    mean = m / (1 - beta ** (t - 1)) if t > 1 else m  # as the notes mix them
    u = beta * u - eta * lam * (mixed + eta * beta * mean)
    m, mixed = beta * m - (1 - beta) * lam * mixed, mixed + u
    w.grad = torch.tensor(lam) * w.detach()
    optimizer.step()
verify(
    "θ + βv after 30 steps, against PyTorch, which keeps the look-ahead point",
    theta + beta * v,
    w.detach(),
    atol=1e-12,
)
verify_at_least(
    "the mixture: its distance from the minimum, over Nesterov's, steep side",
    abs(mixed[1] / theta[1]),
    10.0,
)

# %% [markdown]
r"""
### A cheaper step is not a faster method

**The notes say** that with $n=60{,}000$ and $m=10$ SGD is six thousand times faster.

**Right is** that an update is six thousand times cheaper; more and noisier ones are needed. To find a mean, one full step reads all examples and is exact; SGD that has read as many still errs by the variance over $n$.
"""

# %% tags=["checks"]
rng, n, m = np.random.default_rng(4), 60_000, 10
x = rng.normal(size=n)
full = 100 - np.mean(100 - x)  # one full gradient step of length 1 from θ = 100
verify("½ mean (θ − x)²: one full step reaches the minimum", full, x.mean(), atol=1e-12)
ends = []
for _ in range(100):
    theta = 100.0
    batches = rng.choice(x, size=(n // m, m)).mean(1)
    for t, batch in enumerate(batches, 1):
        theta -= (theta - batch) / t
    ends.append(theta)
verify_within_se(
    "SGD that has read n examples: squared error left, in units of Var/n",
    (np.array(ends) - x.mean()) ** 2 * n / x.var(),
    1.0,
)

# %% [markdown]
r"""
### One over root t

**The notes say** that $\alpha_t=1/\sqrt t$ satisfies both conditions, and promise a local minimum for non-convex problems.

**Right is** that $\sum(1/\sqrt t)^2=\sum1/t=\infty$; valid are $t^{-\alpha}$ with $\frac12<\alpha\le1$ {cite:p}`robbins1951`. For non-convex problems the promise is a stationary point.
"""

# %% tags=["checks"]
N = 10 ** np.arange(3, 7)
block = lambda power: np.array([np.sum(np.arange(n, 2 * n) ** -power) for n in N * 1.0])
verify(
    "1/√t: squares summed from N to 2N do not shrink",
    block(1.0),
    np.full(4, np.log(2)),
    rtol=1e-3,
)
verify(
    "t^(−3/4): they shrink by √10 for N ten times as large",
    block(1.5)[:-1] / block(1.5)[1:],
    np.full(3, np.sqrt(10)),
    rtol=1e-3,
)
rng, x, y = np.random.default_rng(5), 1.0, 0.0
for t in range(1, 20_001):  # noise proportional to the gradient
    scale = (1 + rng.normal()) / t**0.75
    x, y = x - scale * x, y - scale * (y**3 - y)
verify(
    "x²/2 − y²/2 + y⁴/4 from (1, 0): final value, the saddle's and not −1/4",
    x**2 / 2 - y**2 / 2 + y**4 / 4,
    0.0,
    atol=1e-6,
)

# %% [markdown]
r"""
### What independence of n does and does not say

**The notes say** that SGD does not depend on the number of examples, implying that it generalises better.

**Right is** that the cost of an update does not depend on $n$, which says nothing about generalisation. There is an argument, but it needs fresh examples in every step: then SGD minimises the expected risk directly.
"""

# %% tags=["checks"]
rng, n, passes = np.random.default_rng(6), 50, 10


def error(fresh, runs=4000):
    """Squared error of the mean of N(0, 1) by SGD with steps 1/t, batches of one."""
    x, theta = rng.normal(size=(runs, n)), np.zeros(runs)
    for t in range(1, passes * n + 1):
        pick = np.arange(runs), rng.integers(n, size=runs)
        one = rng.normal(size=runs) if fresh else x[pick]
        theta -= (theta - one) / t
    return theta**2


verify_within_se(
    "fresh examples, ten times n steps: squared error 1/(10n)",
    error(True),
    1 / (passes * n),
)
verify_within_se(
    "the same n examples again and again: 1/n, and the noise of drawing",
    error(False),
    1 / n + (1 - 1 / n) / (passes * n),
)

# %% [markdown]
r"""
### What is being averaged

**The notes say** $\bar\theta(t)=\alpha\theta(t-1)+(1-\alpha)\theta(t)$, an average of two iterates, and give averaging the rate $O(1/t)$ for all convex problems.

**Right is** that the average must carry itself along, $\bar\theta_t=\alpha\bar\theta_{t-1}+(1-\alpha)\theta_t$; and that without strong convexity no stochastic method beats $O(1/\sqrt t)$ in the worst case.
"""

# %% tags=["checks"]
from scipy.signal import lfilter

rng, alpha = np.random.default_rng(7), 0.9
noise = rng.normal(size=(10_000, 200))
average = lfilter([1 - alpha], [1, -alpha], noise)[:, -1]  # carries itself along
verify_within_se(
    "iterates of variance 1: variance of the running average",
    average**2,
    (1 - alpha) / (1 + alpha),
)
two = alpha * noise[:, -2] + (1 - alpha) * noise[:, -1]
verify_within_se("… of the notes' average of two", two**2, alpha**2 + (1 - alpha) ** 2)
gap = []
for t in (100, 1600):  # f = x/√t or −x/√t on [−1, 1], slopes with noise of variance 1
    x, total = np.zeros(4000), np.zeros(4000)
    for _ in range(t):
        x = np.clip(x - (1 / np.sqrt(t) + rng.normal(size=4000)) / np.sqrt(t), -1, 1)
        total += x
    gap.append(np.mean(1 + total / t))  # √t times the gap of the averaged iterate
verify_at_least(
    "averaged SGD: √t times the gap at t = 100, 1600, never below 2Φ(−1)",
    gap,
    math.erfc(1 / math.sqrt(2)),
)
verify(
    "… it stays while O(1/t) would quarter it: ratio of the two",
    gap[1] / gap[0],
    1.0,
    atol=0.1,
)

# %% [markdown]
r"""
### Adam goes down

**The notes say** $\theta(t)=\theta(t-1)+\eta\,\hat m/(\sqrt{\hat v}+\epsilon)$, and elsewhere leave out the bias correction.

**Right is** a minus sign, since $m$ averages $+g$; as printed it ascends. Without the correction the first step is $(1-\beta_1)/\sqrt{1-\beta_2}=\sqrt{10}$ times $\eta$ for the default $\beta$s.
"""

# %% tags=["checks"]
import torch


def adam(sign=-1, corrected=True, steps=50, eta=0.01):
    x, m, v, at = np.array([1.0, -2]), 0, 0, []
    for t in range(1, steps + 1):
        g = np.array([1, 10]) * x
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        c, d = (1 - 0.9**t, 1 - 0.999**t) if corrected else (1, 1)
        x = x + sign * eta * (m / c) / (np.sqrt(v / d) + 1e-8)
        at.append(x)
    return np.array(at)


w = torch.tensor([1.0, -2], dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.Adam([w], lr=0.01)
for _ in range(50):
    w.grad = torch.tensor([1.0, 10]) * w.detach()
    optimizer.step()
verify(
    "minus sign and correction: fifty steps, against PyTorch",
    adam()[-1],
    w.detach(),
    atol=1e-9,
)
verify_at_least(
    "plus sign: both coordinates are further from 0 after fifty steps, by",
    abs(adam(sign=1)[-1]) - [1, 2],
    0.4,
)
verify(
    "no correction: first step over η",
    abs(adam(corrected=False)[0] - [1, -2]) / 0.01,
    np.full(2, np.sqrt(10)),
    rtol=1e-6,
)

# %% [markdown]
r"""
### A mean needs its factor

**The notes say** that RMSProp divides by the root of $\gamma_i^2=\sum_s\rho^{t-s}g_{is}^2$.

**Right is** $(1-\rho)\sum_s\rho^{t-s}g_{is}^2$. Without the factor it is a sum, which tends to $g^2/(1-\rho)$; its steps are those of RMSProp with $\eta$ smaller by $\sqrt{1-\rho}$.
"""

# %% tags=["checks"]
import torch

eta, rho, g = 0.01, 0.9, np.random.default_rng(8).normal(size=(50, 3))


def torch_path(eta):
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.RMSprop([w], lr=eta, alpha=rho, eps=1e-14)
    for slope in torch.tensor(g):
        w.grad = slope
        optimizer.step()
    return w.detach().numpy()


decay = rho ** np.arange(50)[:, None]
gamma = np.array([np.sqrt((decay[:t][::-1] * g[:t] ** 2).sum(0)) for t in range(1, 51)])
printed = -eta * (g / gamma).sum(0)
verify(
    "50 steps with the notes' sum: PyTorch's RMSProp with η√(1 − ρ)",
    printed,
    torch_path(eta * np.sqrt(1 - rho)),
    atol=1e-9,
)
verify_at_least("… PyTorch's own path with η, over it", torch_path(eta) / printed, 3.0)

# %% [markdown]
r"""
### The global minimum is not the culprit

**The notes say** repeatedly that reaching the global minimum leads to overfitting.

**Right is** that it need not. Least squares with $n\gg p$ is solved to its global minimum and generalises, with the excess $\sigma^2p/(n-p-1)$ over the noise; and models that fit every training label can generalise well too.
"""

# %% tags=["checks"]
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics.pairwise import rbf_kernel

rng, n, p = np.random.default_rng(9), 200, 10
X, noise = rng.normal(size=(500, n, p)), rng.normal(size=(500, n, 1))
excess = np.sum(
    (np.linalg.pinv(X) @ noise) ** 2, (1, 2)
)  # squared error of the weights
verify_within_se(
    "least squares at its global minimum: excess over the noise",
    excess,
    p / (n - p - 1),
)
images, labels = load_digits(return_X_y=True)
train, test = np.split(rng.permutation(len(labels)), [1200])
K = rbf_kernel(images, images[train], gamma=0.001)
weights = np.linalg.solve(K[train], np.eye(10)[labels[train]])
verify(
    "kernel interpolation of 1200 digits: training loss 0",
    np.mean((K[train] @ weights - np.eye(10)[labels[train]]) ** 2),
    0.0,
    atol=1e-12,
)
wrong = np.mean((K[test] @ weights).argmax(1) != labels[test])
linear = RidgeClassifier().fit(images[train], labels[train])
verify_at_most(
    "… test errors, over those of a linear classifier",
    wrong / np.mean(linear.predict(images[test]) != labels[test]),
    0.5,
)

# %% [markdown]
"""
## 6. Multi-layer perceptrons and backpropagation
"""

# %% [markdown]
r"""
### The truth need not be in the family

**The notes say** $f_\theta$ both for the function that is learned and for the true one.

**Right is** that they are different objects: $f_\theta$ approximates an unknown $F^*$, which need not belong to the family. No line is a sine.
"""

# %% tags=["checks"]
x = np.linspace(0, 1, 20_001)
truth = np.sin(2 * np.pi * x)
line = np.polyfit(x, truth, 1)
verify(
    "sine on [0, 1]: mean squared error of the best line is ½ − 3/π²",
    np.mean((np.polyval(line, x) - truth) ** 2),
    1 / 2 - 3 / np.pi**2,
    rtol=1e-3,
)

# %% [markdown]
r"""
### At the kink there are not two derivatives but none

**The notes say** $\mathrm{ReLU}'(x)=0$ for $x\le0$ and $1$ for $x\ge0$, which gives two values at 0.

**Right is** that ReLU is not differentiable at 0. Its one-sided slopes are 0 and 1, and any number between them is a subgradient.
"""

# %% tags=["checks"]
import torch

relu, h = torch.relu, torch.logspace(-1, -8, 8, dtype=torch.float64)
slopes = torch.stack([-relu(-h) / h, relu(h) / h])
verify(
    "difference quotients at 0 from the left, from the right",
    slopes,
    [[0.0] * 8, [1.0] * 8],
)
x, g = np.linspace(-2, 2, 401), np.linspace(-1, 2, 31)  # lines g·x through the kink
below = (np.maximum(x, 0) >= g[:, None] * x - 1e-12).all(1)
verify(
    "slopes of the lines through 0 that stay below ReLU: least and largest",
    [g[below].min(), g[below].max()],
    [0.0, 1.0],
    atol=1e-12,
)

# %% [markdown]
r"""
### Closed and bounded is enough in finite dimensions only

**The notes say** without restriction that compact means closed and bounded.

**Right is** that this holds in $\mathbb R^d$. In the closed unit ball of $L^2[0,1]$ the functions $\sqrt2\sin k\pi x$ are all $\sqrt2$ apart, so no subsequence of them converges.
"""

# %% tags=["checks"]
from scipy.spatial.distance import pdist

x = (np.arange(4000) + 0.5) / 4000
waves = np.sqrt(2) * np.sin(np.pi * np.arange(1, 101)[:, None] * x) / np.sqrt(4000)
verify(
    "a hundred sine waves of norm 1: all distances",
    pdist(waves),
    np.full(100 * 99 // 2, np.sqrt(2)),
)
rng = np.random.default_rng(0)
disc = rng.normal(size=(100, 2))
disc *= np.sqrt(rng.random(100) / (disc**2).sum(1))[:, None]
verify_at_most(
    "a hundred points of the unit disc: two are closer than 2/(√100 − 1)",
    pdist(disc).min(),
    2 / 9,
)

# %% [markdown]
r"""
### Every unit has its own weights

**The notes say** that any function is a sum $\sum_ku_k\,\varphi(x)$ with one $\varphi=\sigma(Wx+b)$, always the same $W$ and $b$.

**Right is** that each unit has its own $w_k,b_k$; with the same ones the sum is a multiple of one function. And "any function" must read: any continuous function on a compact set.
"""

# %% tags=["checks"]
from scipy.special import expit

rng, x = np.random.default_rng(1), np.linspace(-1, 1, 400)[:, None]
w, b = rng.normal(size=(2, 100)) * 8
target = np.sin(3 * x[:, 0])


def error(units):
    """Mean squared error of the units' best sum, over the target's mean square."""
    best = np.linalg.lstsq(units, target, rcond=1e-12)[0]
    return np.mean((units @ best - target) ** 2) / np.mean(target**2)


same = expit(w[0] * x + b[0]) * np.ones(100)
verify(
    "a hundred units with the same weights: error of one unit alone",
    error(same),
    error(same[:, :1]),
)
verify_at_least("… which is", error(same), 0.1)
verify_at_most(
    "a hundred units, each with its own: error", error(expit(x * w + b)), 1e-8
)

# %% [markdown]
r"""
### No exact copy, but any accuracy

**The notes say** that there is no hope for a ReLU network if the target is not piecewise linear, and a few lines later that any continuous function can be approximated.

**Right is** the latter: no exact copy, but any accuracy on a compact set.
"""


# %% tags=["checks"]
def error(N):
    """Largest error of N ReLU units against sin 2πx on [0, 1], kinks at k/N."""
    kinks = np.arange(N) / N
    slopes = np.diff(np.sin(2 * np.pi * np.arange(N + 1) / N)) * N
    x = np.linspace(0, 1, 50 * N + 1)[:, None]
    net = np.maximum(x - kinks, 0) @ np.diff(slopes, prepend=0)
    return abs(net - np.sin(2 * np.pi * x[:, 0])).max()


N = np.array([32, 64, 128])
verify(
    "N units: error times N² tends to max|f″|/8 = π²/2",
    [error(n) * n**2 for n in N],
    np.full(3, np.pi**2 / 2),
    rtol=0.01,
)

# %% [markdown]
r"""
### The logarithm counts layers, not pieces

**The notes say** that $k\le\log_2(n+1)$ pieces to a hinge are enough for every piecewise-linear function on $\mathbb R^n$.

**Right is** $k\le n+1$ {cite:p}`wang2005`. For $n=1$ the printed bound allows affine functions only, and none of these is closer to $|x|$ on $[-1,1]$ than $\frac12$. $\lceil\log_2(n+1)\rceil$ ReLU layers are enough {cite:p}`arora2018`.
"""

# %% tags=["checks"]
from scipy import optimize

x = np.linspace(-1, 1, 201)
ones = np.ones(201)
lp = optimize.linprog(
    [0, 0, 1],
    np.r_[np.c_[x, ones, -ones], np.c_[-x, -ones, -ones]],
    np.r_[abs(x), -abs(x)],
    bounds=(None, None),
)
verify("|x| by one affine piece: the smallest largest error", lp.fun, 1 / 2, atol=1e-9)
kinks, heights = np.arange(-3, 4), np.array([0, 2, -1, 1, 1, -2, 0])  # n = 1
slopes = np.diff(heights)
hinges = np.maximum(0, x[:, None] * 3 - kinks[1:-1]) @ np.diff(slopes)  # k = 2
verify(
    "six pieces on the line as a signed sum of 2-hinges",
    heights[0] + slopes[0] * (3 * x + 3) + hinges,
    np.interp(3 * x, kinks, heights),
    atol=1e-12,
)
relu, (a, b, c, d) = (
    lambda z: np.maximum(z, 0),
    np.random.default_rng(2).normal(size=(4, 500)),
)
larger = lambda u, v: relu(u - v) + relu(v) - relu(-v)  # one ReLU layer
verify(
    "max of four affine functions, n = 3, by two nested layers",
    larger(larger(a, b), larger(c, d)),
    np.max([a, b, c, d], axis=0),
    atol=1e-12,
)

# %% [markdown]
r"""
### Exact for folded paper only

**The notes say** that a network of two maxout units is a universal approximator "exactly".

**Right is** that it represents piecewise-linear targets exactly; other continuous functions are only approximated, to any accuracy on a compact set.
"""

# %% tags=["checks"]
rng, x = np.random.default_rng(3), np.linspace(0, 1, 10_001)
knots, heights = np.linspace(0, 1, 13), rng.normal(size=13)
slopes = np.diff(heights) * 12
bend = np.diff(slopes, prepend=0)


def maxout(bend):
    """max over affine pieces whose slopes rise by the bends ≥ 0 at the knots."""
    s, c = np.cumsum(bend), np.cumsum(bend * knots[:-1])
    return (np.outer(x, s) - c).max(1)


two = maxout(np.maximum(bend, 0)) - maxout(np.maximum(-bend, 0))
verify(
    "twelve random pieces by two maxout units",
    heights[0] + two,
    np.interp(x, knots, heights),
    atol=1e-10,
)
k = np.array([1, 2, 4, 8])
ends = [np.linspace(0, 1, n + 1) for n in k]
best = [abs(np.interp(x, e, e**2) - x**2).max() / 2 for e in ends]  # chords, lowered
verify(
    "x² by k pieces: the least possible error is 1/(8k²), not 0",
    best,
    1 / (8 * k**2),
    rtol=1e-3,
)

# %% [markdown]
r"""
### The middle factor

**The notes say** that $\frac{\partial}{\partial x}f(g(h(x)))=\frac{\partial f}{\partial g}\frac{\partial h}{\partial x}$.

**Right is** $\frac{\partial f}{\partial g}\frac{\partial g}{\partial h}\frac{\partial h}{\partial x}$. Without the middle factor the shapes need not fit, and where they do, the value is wrong.
"""

# %% tags=["checks"]
import torch

torch.manual_seed(4)
F, G, H = torch.randn(3, 3, 3, dtype=torch.float64)
h, g, f = (lambda x, W=W: torch.tanh(W @ x) for W in (H, G, F))
x, eye = torch.randn(3, dtype=torch.float64), 1e-6 * torch.eye(3, dtype=torch.float64)
differences = torch.stack([(f(g(h(x + e))) - f(g(h(x - e)))) / 2e-6 for e in eye], 1)
J = [torch.func.jacrev(m)(at) for m, at in ((f, g(h(x))), (g, h(x)), (h, x))]
verify("three factors, against differences", J[0] @ J[1] @ J[2], differences, atol=1e-8)
verify_at_least(
    "two factors: distance from it", torch.linalg.norm(J[0] @ J[2] - differences), 0.3
)

# %% [markdown]
r"""
### As cheap, up to a factor and a memory

**The notes say** that evaluating the gradient with backpropagation is as fast as evaluating the loss.

**Right is** that it is of the same order. Loss and gradient of $l$ dense layers of equal width take $3-\frac1l$ times the multiplications of the loss, and backpropagation needs the memory of all layers' values.
"""

# %% tags=["checks"]
import torch
from torch.utils.flop_counter import FlopCounterMode


def cost(layers, gradient):
    """PyTorch's own count of operations, and numbers kept for the way back."""
    parts = lambda: (torch.nn.Linear(64, 64), torch.nn.Tanh())
    net, kept = torch.nn.Sequential(*[m for _ in range(layers) for m in parts()]), {}
    weights = {p.data_ptr() for p in net.parameters()}
    pack = lambda a: kept.update({a.data_ptr(): a}) or a
    with FlopCounterMode(display=False) as counter:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda a: a):
            y = net(torch.ones(32, 64))
        if gradient:
            y.backward(torch.ones_like(y))
    values = sum(a.numel() for place, a in kept.items() if place not in weights)
    return counter.get_total_flops(), values


ratio = lambda layers: cost(layers, True)[0] / cost(layers, False)[0]
verify(
    "operations with the gradient, over those without: 1, 2 and 6 layers",
    [ratio(layers) for layers in (1, 2, 6)],
    [3 - 1 / layers for layers in (1, 2, 6)],
)
verify(
    "numbers kept by 12 layers more than by 6",
    cost(12, True)[1] - cost(6, True)[1],
    6 * 32 * 64,
)

# %% [markdown]
r"""
### At a kink software returns a convention

**The notes say** that at a kink software returns one of the one-sided derivatives.

**Right is** that for ReLU it does (0). In general it does not: PyTorch gives 0 for $|x|$, whose one-sided slopes are $\pm1$, one half to each of two equal arguments of a maximum, and 0 for $(x)_+-(-x)_+$, although that function is $x$ and its derivative 1.
"""

# %% tags=["checks"]
import torch

at = lambda f, x=0.0: torch.func.grad(f)(torch.tensor(x, dtype=torch.float64)).item()
identity = lambda x: torch.relu(x) - torch.relu(-x)
h = np.array([-1e-6, 1e-6])
verify(
    "|x| at 0: PyTorch, and its distance from both one-sided slopes",
    [at(torch.abs), *np.abs(at(torch.abs) - abs(h) / h)],
    [0.0, 1.0, 1.0],
)
verify(
    "a maximum of two equal numbers: slope in one of them",
    at(lambda x: torch.maximum(x, torch.ones_like(x)), 1.0),
    1 / 2,
)
verify(
    "relu(x) − relu(−x) at 0: PyTorch, and the difference quotient",
    [
        at(identity),
        (identity(torch.tensor(1e-6)) - identity(torch.tensor(-1e-6))).item() / 2e-6,
    ],
    [0.0, 1.0],
    atol=1e-6,
)

# %% [markdown]
r"""
### Announce a layout and keep it

**The notes say** that numerator layout is used, but give the Jacobian of $f:\mathbb R^n\to\mathbb R^m$ the shape $n\times m$, call that matrix $J_f$ in the next section, and have $\partial(Ax)/\partial x=A$ in one table and $A^\top$ in another.

**Right is** that in numerator layout $J_f$ is $m\times n$ and $\partial(Ax)/\partial x=A$, and in denominator layout both are transposed. Each is fine alone.
"""

# %% tags=["checks"]
import torch

torch.manual_seed(5)
A, x = torch.randn(2, 3, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
f = lambda x: torch.sin(A @ x)  # n = 3, m = 2
steps = 1e-6 * torch.eye(3, dtype=torch.float64)
J = torch.func.jacrev(f)(x)
verify("J for f: ℝ³ → ℝ² in PyTorch: shape", tuple(J.shape), (2, 3))
verify(
    "… J h is the change of f for small h, one column for each direction h",
    J,
    torch.stack([f(x + h) - f(x - h) for h in steps], 1) / 2e-6,
    atol=1e-8,
)
verify("∂(Ax)/∂x in that layout", torch.func.jacrev(lambda x: A @ x)(x), A)

# %% [markdown]
r"""
### A transpose that the shape betrays

**The notes say** that $\frac\partial{\partial X}\,a^\top X^\top b=ab^\top$.

**Right is** $ba^\top$. For $X\in\mathbb R^{3\times4}$ the vector $a$ has four entries and $b$ three; $ab^\top$ is $4\times3$, which is not the shape of $X$.
"""

# %% tags=["checks"]
import torch

torch.manual_seed(6)
X, a, b = torch.randn(3, 4), torch.randn(4), torch.randn(3)
verify(
    "gradient of aᵀXᵀb by autograd: baᵀ",
    torch.func.grad(lambda X: a @ X.T @ b)(X),
    torch.outer(b, a),
    rtol=1e-5,
)
S, p, q = torch.randn(3, 3), torch.randn(3), torch.randn(3)
gradient = torch.func.grad(lambda S: p @ S.T @ q)(S)
verify_at_least(
    "square X, where both shapes fit: distance of the notes' formula",
    torch.linalg.norm(gradient - torch.outer(p, q)),
    0.5,
)

# %% [markdown]
r"""
### Neither X nor x is left

**The notes say** that $\frac\partial{\partial x}[Xa]=x^\top$.

**Right is** that $Xa$ is linear in $X$, so its derivative by $X$ contains neither $X$ nor $x$. The generalised gradient is $a^\top$, repeated in blocks: $I\otimes a^\top$.
"""

# %% tags=["checks"]
import torch

torch.manual_seed(7)
a, X = torch.randn(4), torch.randn(2, 3, 4)  # two places X
T = [torch.func.jacrev(lambda X: X @ a)(place).reshape(3, 12) for place in X]
verify(
    "∂(Xa)/∂X by autograd at two places: I ⊗ aᵀ at both",
    torch.stack(T),
    np.array([np.kron(np.eye(3), a.numpy())] * 2),
    rtol=1e-6,
)

# %% [markdown]
r"""
### Jacobi's formula needs the adjugate

**The notes say** that $(\det A)'=\operatorname{Tr}(A'A)$.

**Right is** $(\det A)'=\operatorname{Tr}(\operatorname{adj}(A)\,A')=\det(A)\operatorname{Tr}(A^{-1}A')$; the last form needs $A$ invertible.
"""

# %% tags=["checks"]
A, slope = np.random.default_rng(8).normal(size=(2, 4, 4))
det, h = np.linalg.det, 1e-5
truth = (det(A + h * slope) - det(A - h * slope)) / (2 * h)
minor = lambda i, j: det(np.delete(np.delete(A, i, 0), j, 1))
adjugate = np.array(
    [[(-1) ** (i + j) * minor(j, i) for j in range(4)] for i in range(4)]
)
verify(
    "(det A)′ by differences, from the adjugate and from the inverse",
    [np.trace(adjugate @ slope), det(A) * np.trace(np.linalg.inv(A) @ slope)],
    [truth] * 2,
    rtol=1e-6,
)
verify_at_least("error of Tr(A′A)", abs(np.trace(slope @ A) - truth), 1.0)

# %% [markdown]
r"""
### The first factor is by y

**The notes say** that $\frac{\partial L}{\partial W}=\frac{\partial L}{\partial W}\times\frac{\partial y}{\partial W}$ with $T_{ijkl}=\frac{\partial y_{i,j,l}}{\partial W_{k,l}}$.

**Right is** $\frac{\partial L}{\partial y}$ as the first factor (otherwise the left side stands on the right), and $T_{ijkl}=\frac{\partial y_{ij}}{\partial W_{kl}}$, two indices for each matrix.
"""

# %% tags=["checks"]
import torch

torch.manual_seed(9)
W, X = torch.randn(3, 4, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
T = torch.func.jacrev(lambda W: W @ X)(W)
verify("∂y/∂W for y = WX, 3×5 by 3×4: shape", tuple(T.shape), (3, 5, 3, 4))
by_y = torch.cos(W @ X)  # ∂L/∂y for L = Σ sin y
gradient = torch.func.grad(lambda W: torch.sin(W @ X).sum())(W)
verify(
    "∂L/∂y contracted with T, against autograd",
    torch.einsum("ij,ijkl->kl", by_y, T),
    gradient,
    atol=1e-12,
)
fixed = torch.einsum("kl,ijkl->ij", gradient, T)  # ∂L/∂W × ∂y/∂W: the shape of y
verify(
    "∂L/∂W with T instead: the shape is that of y, not of W", tuple(fixed.shape), (3, 5)
)

# %% [markdown]
"""
## 7. Regularization
"""

# %% [markdown]
"""
### Convex does not mean solvable by a formula

**The notes say** that since the penalised problem is convex, one may hope for its global optimum in closed form.

**Right is** that convexity makes every stationary point a global minimum; it gives no formula. Least squares with the quadratic penalty [keeps one](#ridge-regression). The [lasso](#lasso) has one for orthonormal columns, and is otherwise computed by iteration, as is logistic regression.
"""

# %% tags=["checks"]
from sklearn.linear_model import Lasso

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 5)) @ (0.2 * np.eye(5) + 1)  # correlated columns
y = X @ [3.0, -3.0, 0.0, 0.0, 0.0] + rng.normal(size=60)
library = lambda X: Lasso(alpha=0.3, fit_intercept=False, tol=1e-12).fit(X, y).coef_


def formula(X):  # soft threshold of the least-squares solution
    w = np.linalg.lstsq(X, y, rcond=None)[0]
    return np.sign(w) * np.maximum(abs(w) - 0.3, 0)


loss = lambda w: np.mean((X @ w - y) ** 2) / 2 + 0.3 * abs(w).sum()
Q = np.linalg.qr(X)[0] * math.sqrt(60)
verify("orthonormal columns: lasso by the formula", formula(Q), library(Q), atol=1e-9)
verify_at_least(
    "correlated columns: what the formula costs more than the lasso",
    loss(formula(X)),
    loss(library(X)) + 0.2,
)

# %% [markdown]
r"""
### One is no special size

**The notes say** that the $L_2$ penalty leaves weights below 1 almost as they are and discourages only those above 1.

**Right is** that the push is $2\lambda w$ for every $w$, and a step without data shrinks every weight by the same factor $1-2\eta\lambda$. In other units the 1 would stand elsewhere.
"""

# %% tags=["checks"]
import torch

w = torch.tensor([0.001, 0.5, 2.0, 50.0], dtype=torch.float64, requires_grad=True)
start = w.detach().clone()
optimiser = torch.optim.SGD([w], lr=0.1, weight_decay=2 * 0.3)
for _ in range(40):  # λ = 0.3, and data that say nothing
    w.grad = torch.zeros_like(w)
    optimiser.step()
verify(
    "share left of weights 0.001 to 50 after 40 steps",
    w / start,
    np.full(4, (1 - 2 * 0.1 * 0.3) ** 40),
    rtol=1e-9,
)
verify_at_least("weight 0.5, below 1: share that is lost", 1 - w[1] / start[1], 0.5)

# %% [markdown]
"""
### The training loss need not fall

**The notes say** that the training loss goes down by definition of gradient descent.

**Right is** that it does so for the full gradient and a [small enough step](#l-smoothness). With mini-batches, or with larger steps, it may rise from one step to the next.
"""

# %% tags=["checks"]
rng = np.random.default_rng(1)
X, y = rng.normal(size=(40, 10)), rng.normal(size=40)
L = np.linalg.eigvalsh(X.T @ X / 40)[-1]


def rises(rate, size):
    w, losses = np.zeros(10), []
    for _ in range(100):
        losses.append(np.mean((X @ w - y) ** 2))
        pick = rng.choice(40, size, replace=False)
        w = w - rate * X[pick].T @ (X[pick] @ w - y[pick]) / size
    return int((np.diff(losses) > 1e-12).sum())


verify(
    "full gradient, rate 1/L: steps that raise the training loss", rises(1 / L, 40), 0
)
verify_at_least("mini-batches of 4, rate 1/L: steps that raise it", rises(1 / L, 4), 10)
verify_at_least(
    "full gradient, rate 2.5/L: steps that raise it", rises(2.5 / L, 40), 10
)

# %% [markdown]
r"""
### Radius, not volume

**The notes say** that early stopping confines the parameters to a sphere whose volume is proportional to rate times steps, $\eta t$.

**Right is** that with bounded gradients the *radius* is at most proportional to $\eta t$. In $p$ dimensions the volume then grows like $(\eta t)^p$.
"""

# %% tags=["checks"]
rng = np.random.default_rng(2)
cube = rng.uniform(-2, 2, (200_000, 4))  # p = 4; twice the time reaches radius 2
radius = np.linalg.norm(cube, axis=1)
early = (radius[radius <= 2] <= 1).astype(float)
verify_within_se("share of the volume that half of the time reaches", early, 0.5**4)
verify_at_most("… in proportion to the time it would be one half", early.mean(), 0.1)

# %% [markdown]
r"""
### Early stopping is almost ridge, not equal to it

**The notes say** that for a linear model with quadratic loss early stopping is equivalent to $L_2$ regularisation.

**Right is** that even there it is an approximation. With $\lambda=1/(\eta t)$ and $u=s\eta t$ for an eigenvalue $s$, stopping fits the share $1-e^{-u}$ and ridge the share $u/(1+u)$: equal to first order in $u$, apart by about $0.2$ at worst, at $u=2\ln(1+u)$.
"""

# %% tags=["checks"]
from scipy.optimize import brentq

s, stopped = np.geomspace(1e-3, 30, 4000), np.zeros(4000)
for _ in range(2000):  # gradient descent on s (w − 1)²/2, η = 1/2000
    stopped = stopped - s * (stopped - 1) / 2000
gap = stopped - s / (s + 1)  # ridge with λ = 1/(ηt) = 1
u = brentq(lambda u: u - 2 * math.log(1 + u), 1, 5)
verify("eigenvalue at which the two shares differ most", s[gap.argmax()], u, rtol=0.01)
verify("the difference there", gap.max(), 1 - math.exp(-u) - u / (1 + u), rtol=0.01)
verify(
    "small eigenvalues: difference over u²/2", gap[0] / (s[0] ** 2 / 2), 1.0, rtol=0.01
)
verify_at_least("so the two are not equivalent: largest difference", gap.max(), 0.1)

# %% [markdown]
"""
### A Bayesian network is not an ensemble

**The notes say** that Bayesian networks are an example of ensemble prediction.

**Right is** that a Bayesian network is a graph of conditional independences: one model of several variables. Meant is Bayesian model averaging (of neural networks, for instance), where the members are weighted by their posterior probability. The average of two networks does not even keep their independences.
"""

# %% tags=["checks"]
# p(a) p(b|a) p(c|b), with axes a, b, c
network = lambda a, b, c: np.einsum("i,ij,jk->ijk", a, b, c)
one = network([0.5, 0.5], [[0.9, 0.1], [0.6, 0.4]], [[0.7, 0.3], [0.4, 0.6]])
two = network([0.2, 0.8], [[0.2, 0.8], [0.9, 0.1]], [[0.9, 0.1], [0.1, 0.9]])


def dependence(p):  # of a and c, given b
    p = p / p.sum((0, 2), keepdims=True)
    return abs(p - p.sum(2, keepdims=True) * p.sum(0, keepdims=True)).max()


verify(
    "networks a → b → c: dependence of a and c given b",
    [dependence(one), dependence(two)],
    [0.0, 0.0],
    atol=1e-12,
)
verify_at_least("the average of the two networks", dependence((one + two) / 2), 0.01)

# %% [markdown]
"""
### Dropout: half on average; kept or dropped

**The notes say** that 50 % dropout ignores half of the neurons in each iteration; and they give 20 % (inputs) and 50 % (hidden units) as values of the probability $p$ with which a unit is *retained*.

**Right is** that units are dropped independently, so half only on average, and that the survivors (or later the weights) must be rescaled. The customary retention is $0.8$ and $0.5$ {cite:p}`srivastava2014`; PyTorch's `p` is the share that is dropped, $0.2$ and $0.5$.
"""

# %% tags=["checks"]
import torch

torch.manual_seed(0)
half = torch.nn.functional.dropout(torch.ones(20_000, 10), 0.5)
five = ((half == 0).sum(1) == 5).double()
verify_within_se(
    "10 units, p = 0.5: exactly half are dropped", five, math.comb(10, 5) / 2**10
)
verify_at_most("… which is far from every time", five.mean(), 0.5)
fifth = torch.nn.functional.dropout(torch.ones(20_000), 0.2)
verify_within_se("PyTorch's p = 0.2: share dropped", (fifth == 0).double(), 0.2)
verify_within_se("… and the mean output is kept by rescaling", fifth.double(), 1.0)

# %% [markdown]
"""
### Why batch normalisation helps is disputed

**The notes say** that batch normalisation speeds up training because it removes the internal covariate shift.

**Right is** that this was the original hypothesis. Put a random drift back in *after* the normalisation, and the network still trains well; the gain has been explained by a smoother loss instead {cite:p}`santurkar2018`.
"""

# %% tags=["checks"]
import torch

split = data.digits(n_train=1000)
X, y = torch.tensor(split.X_train).float(), torch.tensor(split.y_train)


def loss_after_100_steps(normalise):
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        *(torch.nn.Linear(64, 64) for _ in range(6)), torch.nn.Linear(64, 10)
    ).float()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(100):
        pick = torch.randint(1000, (100,))
        h = X[pick]
        for layer in net[:6]:
            h = layer(h)
            if normalise:  # and then another mean and scale for every unit, every step
                h = torch.nn.functional.batch_norm(h, None, None, training=True)
                h = h * (1 + torch.rand(64)).to(h) + (2 * torch.rand(64) - 1).to(h)
            h = h.relu()
        loss = torch.nn.functional.cross_entropy(net[6](h), y[pick])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return loss.item()


verify_at_most(
    "normalised, then drifting: training loss over ln 10, that of guessing",
    loss_after_100_steps(True) / math.log(10),
    0.2,
)
verify_at_least(
    "without normalisation, without added drift",
    loss_after_100_steps(False) / math.log(10),
    0.9,
)

# %% [markdown]
"""
### Layer normalisation does not cross layers

**The notes say** that layer normalisation normalises across the layers.

**Right is** that it normalises across the features (channels and positions) of one example within one layer {cite:p}`ba2016`. Each example then has mean 0 and variance 1 by itself.
"""

# %% tags=["checks"]
import torch

torch.manual_seed(1)
layers = 2 + 3 * torch.randn(2, 4, 50, dtype=torch.float64)  # layer, example, feature
library = torch.nn.functional.layer_norm(layers, (50,), eps=0)
x = layers.numpy()
features = (x - x.mean(2, keepdims=True)) / x.std(2, keepdims=True)
across = (x - x.mean(0)) / x.std(0)
verify(
    "torch's layer norm is over the features of each example",
    library,
    features,
    atol=1e-9,
)
verify_at_least(
    "across the layers it would be something else: largest difference",
    abs(library.numpy() - across).max(),
    0.5,
)

# %% [markdown]
"""
### Containing the truth does not select it

**The notes say** that the second descent comes because the class of functions becomes so large that it contains the correct one.

**Right is** that a larger class also holds more bad interpolators. What matters is which of them is chosen: from zero, gradient descent finds the [shortest](#double-descent). From a random start it ends at another interpolator of the same class, and its risk rises with the width.
"""

# %% tags=["checks"]
rng, n = np.random.default_rng(4), 20


def risks(P, spread):  # both classes contain the truth, e₁; noise variance 1
    out = []
    for _ in range(200):
        X, start = rng.normal(size=(n, P)), spread * rng.normal(size=P)
        y = X[:, 0] + rng.normal(size=n)
        end = start + np.linalg.pinv(X) @ (y - X @ start)  # where descent converges
        out.append(np.sum((end - np.eye(P)[0]) ** 2))
    return np.array(out)


def theory(P, spread):  # (1 − n/P)(‖truth‖² + ‖start‖²) + noise
    return (1 - n / P) * (1 + spread**2 * P) + n / (P - n - 1)


mean = {}
for P, spread in ((30, 0), (400, 0), (30, 1), (400, 1)):
    sample = risks(P, spread)
    verify_within_se(
        f"{P} weights, start N(0, {spread}): risk", sample, theory(P, spread)
    )
    mean[P, spread] = sample.mean()
verify_at_least(
    "400 weights for 30: the risk from zero falls by the factor",
    mean[30, 0] / mean[400, 0],
    1.5,
)
verify_at_least("… from N(0, 1) it rises by", mean[400, 1] / mean[30, 1], 10)

# %% [markdown]
"""
## 8. Convolutional networks
"""

# %% [markdown]
"""
### Optimising is not generalising

**The notes say** that general networks are "difficult to optimise", and mean by it that the generalising solution is hard to find.

**Right is** that these are two difficulties: optimisation asks for a small loss on the training set, generalisation for a small error on new data. A multi-layer perceptron has no trouble with the first and fails at the second.
"""

# %% tags=["checks"]
import torch
from torch import nn

split, rng = data.digits(), np.random.default_rng(5)
digits, labels = split.X_train.reshape(-1, 8, 8), split.y_train
wide = np.zeros((1400, 16, 16))  # each digit somewhere in a larger frame
for frame, digit, (i, j) in zip(wide, digits, rng.integers(9, size=(1400, 2))):
    frame[i : i + 8, j : j + 8] = digit
X, y = torch.tensor(wide).float().flatten(1), torch.tensor(labels)
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10)).float()
optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(100):
    optimiser.zero_grad()
    nn.functional.cross_entropy(net(X[:100]), y[:100]).backward()
    optimiser.step()
right = (net(X).argmax(1) == y).double()
verify("100 framed digits: training accuracy", right[:100].mean(), 1.0)
verify_at_most("1300 new ones: accuracy", right[100:].mean(), 0.5)

# %% [markdown]
r"""
### Convolution on an interval

**The notes say** that for $f,g:[-\pi,\pi]\to\mathbb R$ one integrates $f(t)\,g(x-t)$ over the interval, and prove commutativity by substitution.

**Right is** that $x-t$ leaves the interval and the substitution moves it. One must assume periodic functions, or functions on $\mathbb R$ (extended by zero, say).
"""

# %% tags=["checks"]
from scipy.integrate import quad

wrap = lambda t: (t + np.pi) % (2 * np.pi) - np.pi
fold = lambda f, g, cut: quad(lambda t: f(t) * g(1 - t), -np.pi, np.pi, points=cut)[0]
ident, f, g = lambda t: t, lambda t: wrap(t), lambda t: np.exp(wrap(t))
there, back = fold(ident, np.exp, None), fold(np.exp, ident, None)
verify(
    "x and eˣ as they stand, (f * g)(1) and (g * f)(1)",
    [there, back],
    [
        -np.e * (2 * np.pi * np.cosh(np.pi) - 2 * np.sinh(np.pi)),
        4 * np.sinh(np.pi) - 2 * np.pi * np.cosh(np.pi),
    ],
    atol=1e-6,
)
verify_at_least("… which are not equal", abs(there - back), 1.0)
verify(
    "extended periodically", fold(f, g, [1 - np.pi]), fold(g, f, [1 - np.pi]), atol=1e-6
)

# %% [markdown]
r"""
### Three ways to lose the flip

**The notes say** $h*f=\bar h*f$ for cross-correlation (with $\bar h(t)=h(-t)$); that without the flip the kernel is "just $g(t)$"; and that the layers of a CNN compute convolutions.

**Right is** $h\star f=\bar h*f$, and the two operations agree only for symmetric $h$. The kernel of correlation is $g(t-x)$, shifted but not mirrored; with $g(t)$ the result would not depend on $x$. CNN layers, as implemented, compute cross-correlations.
"""

# %% tags=["checks"]
import torch

rng = np.random.default_rng(6)
f, h = rng.normal(size=9), np.array([1.0, 2.0, 4.0])
layer = torch.nn.functional.conv1d(
    torch.tensor(f)[None, None], torch.tensor(h)[None, None]
)[0, 0].numpy()
verify(
    "a CNN layer is convolution with the flipped kernel",
    layer,
    np.convolve(f, h[::-1], "valid"),
    atol=1e-12,
)
verify_at_least(
    "… not with the kernel itself: largest difference",
    abs(layer - np.convolve(f, h, "valid")).max(),
    1.0,
)
verify_at_least("… and depends on the place", np.ptp(layer), 1.0)

# %% [markdown]
"""
### Commuting needs no linearity

**The notes say** that one may speak of commuting only for linear operators.

**Right is** that $GT=TG$ makes sense for any two maps: the ReLU, applied to each pixel, is not linear and commutes with every shift. Linearity is needed for the converse, that an equivariant map is a convolution.
"""

# %% tags=["checks"]
rng = np.random.default_rng(7)
f, g, S = rng.normal(size=8), rng.normal(size=8), np.roll(np.eye(8), 1, axis=0)
relu, power = lambda v: np.maximum(v, 0), np.linalg.matrix_power
verify(
    "ReLU of the shifted is the shifted ReLU",
    relu(S @ f),
    np.roll(relu(f), 1),
    atol=1e-15,
)
verify_at_least(
    "ReLU of a sum minus the sum of ReLUs",
    abs(relu(f + g) - relu(f) - relu(g)).max(),
    0.1,
)
M = rng.normal(size=(8, 8))  # averaged over all shifts it commutes with them, and …
M = sum(power(S, k) @ M @ power(S, 8 - k) for k in range(8)) / 8
by_fourier = np.fft.ifft(np.fft.fft(M[:, 0]) * np.fft.fft(f)).real
verify("… is the convolution with its first column", M @ f, by_fourier, atol=1e-12)

# %% [markdown]
r"""
### Functions, not values

**The notes say** that linearity of a convolution operator $G$ means $G(f+h)(x)=G(f(x))+G(h(x))$.

**Right is** $\bigl(G(f+h)\bigr)(x)=(Gf)(x)+(Gh)(x)$. $G$ acts on whole functions: the single value $f(x)$ does not determine $(Gf)(x)$.
"""

# %% tags=["checks"]
from scipy.ndimage import convolve1d

rng = np.random.default_rng(8)
f, h, g = rng.normal(size=9), rng.normal(size=9), np.array([1.0, 2.0, 3.0])
G = lambda v: convolve1d(v, g, mode="wrap")
verify("(G(f + h))(3)", G(f + h)[3], G(f)[3] + G(h)[3], atol=1e-12)
other = f.copy()
other[4] += 1.0  # f(3) stays
verify(
    "the same f(3), another f(4): (Gf)(3) moves by",
    G(other)[3] - G(f)[3],
    g[0],
    atol=1e-12,
)

# %% [markdown]
r"""
### Which theorem is the convolution theorem?

**The notes say** "Convolution Theorem" for the statement that linear shift-equivariant operators are convolutions.

**Right is** that the name belongs to $\mathcal F(f*h)=\mathcal Ff\cdot\mathcal Fh$.
"""

# %% tags=["checks"]
from scipy import ndimage

rng = np.random.default_rng(9)
f, h = rng.normal(size=9), rng.normal(size=9)
star = np.roll(ndimage.convolve1d(f, h, mode="wrap"), 4)  # scipy centres h
verify(
    "Fourier transform of f * h",
    np.fft.fft(star),
    np.fft.fft(f) * np.fft.fft(h),
    atol=1e-12,
)

# %% [markdown]
"""
### What is the same in "same" padding?

**The notes say** that "same" means padding with the same constant, 0.

**Right is** that the *size* is the same. What is filled in is a separate choice, and zeros are not neutral: a mean over a white wall comes out grey at the border.
"""

# %% tags=["checks"]
import torch

walls = {}
for mode in ("zeros", "reflect", "replicate", "circular"):
    mean = torch.nn.Conv2d(1, 1, 3, padding="same", padding_mode=mode, bias=False)
    mean.weight.data.fill_(1 / 9)
    walls[mode] = mean(torch.ones(1, 1, 5, 5).to(mean.weight))[0, 0].detach()
verify("four fillings: sizes", [tuple(w.shape) for w in walls.values()], [(5, 5)] * 4)
verify(
    "… and corners, grey with zeros",
    [w[0, 0].item() for w in walls.values()],
    [4 / 9, 1, 1, 1],
    rtol=1e-5,
)

# %% [markdown]
r"""
### Divide by the stride

**The notes say** that an input of size $n$, padding $p$ and kernel $f$ give an output of size $L=\frac{n+2p-f}2+1$.

**Right is** $L=\bigl\lfloor\frac{n+2p-f}s\bigr\rfloor+1$: the divisor is the stride $s$, and the quotient is rounded down.
"""

# %% tags=["checks"]
import itertools

import torch

ranges = range(6, 14), range(3), range(1, 6), range(1, 5)
n, p, f, s = np.array(list(itertools.product(*ranges))).T
measured = np.array(
    [
        torch.nn.functional.conv1d(
            torch.zeros(1, 1, a), torch.zeros(1, 1, c), padding=b, stride=d
        ).shape[2]
        for a, b, c, d in itertools.product(*ranges)
    ]
)
verify("outputs of torch in 480 cases", measured, (n + 2 * p - f) // s + 1)
right = (n + 2 * p - f) / 2 + 1 == measured  # the printed formula
verify(
    "the printed formula is right if s = 2 and nothing is rounded, not otherwise",
    right.astype(int),
    ((s == 2) & (f % 2 == n % 2)).astype(int),
)

# %% [markdown]
r"""
### Each channel separately?

**The notes say**, in one place, that a picture with channels is convolved for each channel separately; and that two filters turn $7\times7\times3$ into $3\times3\times2$.

**Right is** that the usual layer *sums* the results over its input channels; keeping them apart is the *depthwise* special case (`groups=C`). And the sizes need kernel and stride: $3\times3$ with stride 2 or $5\times5$ with stride 1 give $3\times3\times2$, but $3\times3$ with stride 1 gives $5\times5\times2$.
"""

# %% tags=["checks"]
import torch
from scipy.signal import correlate2d
from torch.nn.functional import conv2d

torch.manual_seed(2)
x = torch.randn(1, 3, 7, 7, dtype=torch.float64)
w = torch.randn(2, 3, 3, 3, dtype=torch.float64)
# each channel by itself: filter, channel, row, column
single = np.array(
    [[correlate2d(x[0, c], w[k, c], "valid") for c in range(3)] for k in range(2)]
)
verify(
    "the usual layer sums over the channels", conv2d(x, w)[0], single.sum(1), atol=1e-12
)
verify(
    "depthwise keeps them apart",
    conv2d(x, w[0][:, None], groups=3)[0],
    single[0],
    atol=1e-12,
)
sizes = [
    tuple(conv2d(x, torch.ones(2, 3, k, k).to(x), stride=s).shape[1:])
    for k, s in ((3, 2), (5, 1), (3, 1))
]
verify("sizes", tuple(sizes), ((2, 3, 3), (2, 3, 3), (2, 5, 5)))

# %% [markdown]
r"""
### A misplaced one

**The notes say** that, for $K$ maps of size $(m-p+1)\times(n-q+1)$, a fully connected layer has $mnc(m-p+1)(n-q+1+1)K$ parameters and a locally connected one $pqc(m-p+1)(n-q+1+1)K$.

**Right is** that the extra $+1$ is the bias and belongs to the first factor: $(mnc+1)(m-p+1)(n-q+1)K$ and $(pqc+1)(m-p+1)(n-q+1)K$.
"""

# %% tags=["checks"]
import torch

m, n, c, K, p, q = 8, 7, 3, 4, 3, 2
places = (m - p + 1) * (n - q + 1)
full = torch.nn.Linear(m * n * c, places * K)
local = torch.nn.ModuleList([torch.nn.Linear(p * q * c, K) for _ in range(places)])
counted = np.array([sum(v.numel() for v in net.parameters()) for net in (full, local)])
first = np.array([m * n * c, p * q * c])
verify("parameters, counted in torch", counted, (first + 1) * places * K)
printed = first * (m - p + 1) * (n - q + 1 + 1) * K
verify(
    "the printed formulas miss them by",
    printed - counted,
    (m - p + 1) * K * (first - (n - q + 1)),
)

# %% [markdown]
r"""
### Receptive fields: which index, which gradient, which level

**The notes say** that the receptive field $\mathcal I_i$ of unit $i$ holds the $j$ with $W_{ji}\ne0$ and that the gradient of the loss vanishes outside; elsewhere, that small filters find small features and big filters high-level ones.

**Right is** $W_{ij}\ne0$ (row $i$: output), and what vanishes is $\partial x_i^l/\partial x_j^{l-1}$; the loss hears the other inputs through other units. The level of a feature is a matter of depth: one linear filter, however large, is a linear template, while five $3\times3$ layers with ReLU see the same $11\times11$ square and compute something that is not linear.
"""

# %% tags=["checks"]
import torch
from torch import nn

torch.manual_seed(3)
deep = nn.Sequential(
    *[
        layer
        for c in (1, 4, 4, 4, 4)
        for layer in (nn.Conv2d(c, 4, 3, bias=False), nn.ReLU())
    ]
).double()
x = torch.randn(50, 1, 15, 15, dtype=torch.float64, requires_grad=True)
out = deep(x)  # 5 × 5 places
unit, loss = (
    torch.autograd.grad(v, x, retain_graph=True)[0].abs().sum((0, 1)).numpy()
    for v in (out[..., 0, 0].sum(), (out**2).sum())
)
hears = np.zeros((15, 15), bool)
hears[:11, :11] = True
verify(
    "unit (0, 0) depends on an 11 × 11 square: largest slope outside",
    unit[~hears].max(),
    0.0,
    atol=1e-15,
)
verify_at_least("… at the square's far corner", unit[10, 10], 1e-6)
verify_at_least("… while the loss depends on inputs outside", loss[~hears].max(), 1e-4)
verify_at_least(
    "and the unit is no linear template: f(x) + f(−x), over f(x)",
    ((deep(x) + deep(-x)).norm() / deep(x).norm()).item(),
    0.1,
)

# %% [markdown]
"""
### Exponential in what?

**The notes say** that the receptive field grows exponentially with the dilation factor.

**Right is** that in one layer with kernel size $k$ it is linear in $d$, namely $1+d(k-1)$. Exponential is the growth with the *number of layers*, if $d$ doubles from layer to layer; with constant $d$ that growth is linear.
"""


# %% tags=["checks"]
def extent(dilations):  # of the response of layers with kernel size 2 to one impulse
    response = np.ones(1)
    for d in dilations:
        kernel = np.zeros(d + 1)
        kernel[[0, d]] = 1
        response = np.convolve(response, kernel)
    return np.ptp(np.flatnonzero(response)) + 1


L = np.arange(1, 7)
verify("one layer, d = 1 … 6", np.array([extent([d]) for d in L]), 1 + L)
verify("1 to 6 layers with d = 4", np.array([extent([4] * n) for n in L]), 1 + 4 * L)
verify(
    "1 to 6 layers with d = 1, 2, 4, …",
    np.array([extent(2 ** np.arange(n)) for n in L]),
    2**L,
)

# %% [markdown]
"""
### Filters, not layers

**The notes say** that one pools over "separately parametrised convolutions", which they call different layers.

**Right is** that they are different filters (channels) of the *same* layer, applied to the same input. If each is a turned copy of the others, their maximum does not change when the picture turns.
"""

# %% tags=["checks"]
from scipy.signal import correlate2d

rng = np.random.default_rng(10)
picture, filters = rng.normal(size=(12, 12)), rng.normal(size=(4, 3, 3))
turned = [np.rot90(filters[0], k) for k in range(4)]
same_layer = lambda x: max(correlate2d(x, w, "valid").max() for w in turned)


def successive(x):  # the same four filters as four layers with ReLU
    maxima = []
    for w in turned:
        x = np.maximum(correlate2d(x, w, "valid"), 0)
        maxima.append(x.max())
    return max(maxima)


verify(
    "four filters of one layer: maximum for the turned picture",
    same_layer(np.rot90(picture)),
    same_layer(picture),
    rtol=1e-12,
)
verify_at_least(
    "four layers: relative change of the maximum",
    abs(successive(np.rot90(picture)) / successive(picture) - 1),
    0.01,
)

# %% [markdown]
r"""
### A flip too few

**The notes say** $y_{k-i}=\operatorname{rot180}(y)_{k-i}$ on the way to the weight gradient of a convolution, and $y^{(l)}=y^{(l-1)}*w$ where layer $l$ turns $y^{(l)}$ into $y^{(l+1)}$.

**Right is** $\operatorname{rot180}(y)_j=y_{-j}$, so $y_{k-i}=\operatorname{rot180}(y)_{i-k}$: the turned index makes the sum a convolution. And $y^{(l+1)}=y^{(l)}*w^{(l)}$. The end result of the notes is right.
"""

# %% tags=["checks"]
rng = np.random.default_rng(11)
y, w, delta = rng.normal(size=9), rng.normal(size=3), rng.normal(size=11)
steps = 1e-6 * np.eye(3)  # slopes of R = Σ δ (y * w), by central differences
slopes = [(np.convolve(y, w + e) - np.convolve(y, w - e)) @ delta / 2e-6 for e in steps]
verify(
    "∂R/∂w is δ * rot180(y)",
    np.array(slopes),
    np.convolve(delta, y[::-1], "valid"),
    atol=1e-6,
)
verify_at_least(
    "without the turn, Σ δ_k rot180(y)_{k−i}: largest error",
    abs(np.convolve(delta, y, "valid") - slopes).max(),
    0.1,
)

# %% [markdown]
"""
## 9. Sequence models
"""

# %% [markdown]
"""
### Sharing is not optional

**The notes say** that $k$ distinct MLPs, one for each position of a sequence of length $k$, already handle other lengths, and that sharing their weights is a further constraint.

**Right is** that without sharing there is no MLP for position $k+1$. It is sharing that makes the layer independent of the length.
"""

# %% tags=["checks"]
rng = np.random.default_rng(38)
A, X = (
    rng.normal(size=(3, 3)),
    rng.normal(size=(40, 10, 3)),
)  # 40 sequences of length 10
Y = np.tanh(X @ A)  # each position maps its input in the same way
fit = lambda x, y: np.linalg.lstsq(x, np.arctanh(y), rcond=None)[0]
shared = fit(X.reshape(-1, 3), Y.reshape(-1, 3))
distinct = [fit(X[:, t], Y[:, t]) for t in range(10)]
longer = rng.normal(size=(50, 3))
verify(
    "one shared layer, learnt on ten positions, run on fifty",
    np.tanh(longer @ shared),
    np.tanh(longer @ A),
    atol=1e-9,
)
served = 0
try:
    for x in longer:
        np.tanh(x @ distinct[served])
        served += 1
except IndexError:
    pass
verify("ten distinct layers: positions of the fifty that they serve", served, 10)

# %% [markdown]
r"""
### Perplexity: the base must match

**The notes say** that the perplexity is $2^H$ with an unnamed logarithm in $H$; they write $q(x_i)$ in a second formula, and equate an expectation with the average over a sample.

**Right is** that $2^H$ goes with bits and $e^H$ with nats; the probabilities are conditional, $q(x_i\mid x_{<i})$; and the sample average only estimates the expectation.
"""

# %% tags=["checks"]
from scipy.stats import entropy

rng = np.random.default_rng(12)
P = np.full((4, 4), 0.1) + 0.6 * np.eye(4)  # a Markov chain
loss = np.empty((400, 50))  # of 400 texts of 50 letters, in nats
for text in loss:
    at = rng.integers(4)
    for t in range(50):
        after = rng.choice(4, p=P[at])
        text[t], at = -math.log(P[at, after]), after
verify_within_se(
    "mean loss of the texts estimates the entropy rate", loss.mean(1), entropy(P[0])
)
verify(
    "e to the rate in nats is 2 to the rate in bits",
    math.exp(entropy(P[0])),
    2 ** entropy(P[0], base=2),
)
verify_at_least(
    "with 2 and nats instead, the perplexity is too small by the factor",
    math.exp(entropy(P[0])) / 2 ** entropy(P[0]),
    1.2,
)
verify_at_least(
    "with q(x_i) = 1/4 instead of q(x_i | x_{<i}), too large by the factor",
    4 / math.exp(loss.mean()),
    1.3,
)

# %% [markdown]
r"""
### Large language models invert no channel

**The notes say** that large language models use the Bayes-rule paradigm: a language model as prior, times a channel.

**Right is** that this is the *noisy-channel* view of statistical translation. Language models today compute the conditional $p(x_t\mid x_{<t})$ directly. Learnt from pairs, the direct conditional decides as Bayes' rule does, without a channel; the channel alone does not.
"""

# %% tags=["checks"]
rng, n = np.random.default_rng(13), 200_000
prior = np.array([0.7, 0.15, 0.1, 0.05])  # p(x)
channel = np.full((4, 4), 0.2) + 0.2 * np.eye(4)  # p(y | x)
x = rng.choice(4, n, p=prior)
y = (rng.random((n, 1)) > channel[x].cumsum(1)).sum(1)
counts = np.zeros((4, 4))
np.add.at(counts, (x, y), 1)
direct, bayes = counts / counts.sum(0), prior[:, None] * channel / (prior @ channel)
verify(
    "direct conditional p(x | y), counted, against Bayes' rule",
    direct,
    bayes,
    atol=0.02,
)
verify("x chosen for each y", direct.argmax(0), bayes.argmax(0))
verify_at_least(
    "y for which the channel alone would choose another x",
    (channel.argmax(0) != bayes.argmax(0)).sum(),
    2,
)

# %% [markdown]
r"""
### A state that depends on itself

**The notes say** that a recurrent network computes $z_t=\phi(Uz_{t-1}+Vz_t)$.

**Right is** $z_t=\phi(Uz_{t-1}+Vx_t)$: the second term is the input. As printed the state would never hear of it.
"""

# %% tags=["checks"]
import torch

torch.manual_seed(4)
net = torch.nn.RNN(3, 5, bias=False, batch_first=True).double()
x, (V, U) = torch.randn(1, 7, 3, dtype=torch.float64), net.parameters()
z = torch.zeros(5, dtype=torch.float64)
for t in range(7):
    z = torch.tanh(U @ z + V @ x[0, t])
verify(
    "torch's recurrent network, last of seven states", net(x)[0][0, -1], z, atol=1e-12
)
verify_at_least(
    "… which is not z = 0, the printed equation's state from zero", z.abs().max(), 0.1
)

# %% [markdown]
r"""
### Large singular values need not explode

**The notes say** that gradients explode if $\sigma_{\max}(U)>1$.

**Right is** that this is necessary only {cite:p}`pascanu2013`. $\begin{bmatrix}0&10\\0&0\end{bmatrix}$ has $\sigma_{\max}=10$ and square zero, and saturated tanh units, with slopes near zero, make gradients vanish even for $U=5I$.
"""

# %% tags=["checks"]
import torch
from scipy.optimize import brentq

nilpotent = np.array([[0.0, 10.0], [0.0, 0.0]])
verify("largest singular value", np.linalg.norm(nilpotent, 2), 10.0)
verify(
    "gradient through two linear steps",
    nilpotent.T @ nilpotent.T,
    np.zeros((2, 2)),
    atol=1e-15,
)
rest = brentq(lambda z: math.tanh(5 * z) - z, 0.5, 1)  # the state settles here
z = start = torch.full((3,), rest, dtype=torch.float64, requires_grad=True)
for _ in range(10):
    z = torch.tanh(5 * z)
slope = torch.autograd.grad(z.sum(), start)[0]
verify(
    "U = 5 I, ten tanh steps: gradient, over (5 (1 − z²))¹⁰",
    slope / (5 * (1 - rest**2)) ** 10,
    np.ones(3),
    rtol=1e-6,
)
verify_at_most("… which has vanished", slope.max(), 1e-20)

# %% [markdown]
"""
### What the output gate peeps at

**The notes say** that the output gate of the peephole LSTM sees $C_{t-1}$.

**Right is** that it is computed after the update and sees the current $C_t$ {cite:p}`gers2000`; only input and forget gate see $C_{t-1}$. So it can answer at once to what has just been written, at the first step too, where $C_0=0$.
"""

# %% tags=["checks"]
sigma = lambda a: 1 / (1 + math.exp(-a))


def first_output(peephole):  # one unit, C₀ = 0, x = 1, all other weights 1
    C = 0.0 * sigma(1.0) + sigma(1.0) * math.tanh(1.0)  # f C₀ + i tanh(…)
    return sigma(1.0 + peephole * C) * math.tanh(C)


slope = (first_output(1e-5) - first_output(-1e-5)) / 2e-5
C, o = math.tanh(1.0) / (1 + math.exp(-1.0)), 1 / (1 + math.exp(-1.0))
verify(
    "slope of the first output in the peephole weight: o (1 − o) C₁ tanh C₁",
    slope,
    o * (1 - o) * C * math.tanh(C),
    rtol=1e-6,
)
verify_at_least("… not 0, as it would be if the gate saw C₀ = 0", slope, 0.01)

# %% [markdown]
r"""
### Diagonal, and in new coordinates

**The notes say** $A=PAP^{-1}$, and keep $z^{t+1}$ on the left of the diagonal recursion.

**Right is** $A=P\Lambda P^{-1}$. The diagonal recursion is that of $\xi=P^{-1}z$: $\xi^{t+1}=\Lambda\xi^t+\tilde Bx^t$ with $\tilde B=P^{-1}B$.
"""

# %% tags=["checks"]
rng = np.random.default_rng(14)
A, B, x = rng.normal(size=(5, 5)) / 3, rng.normal(size=(5, 2)), rng.normal(size=(40, 2))
lam, P = np.linalg.eig(A)
z, xi, B_new = np.zeros(5), np.zeros(5), np.linalg.inv(P) @ B
for v in x:
    z, xi = A @ z + B @ v, lam * xi + B_new @ v
verify(
    "the diagonal recursion, turned back, gives the dense state",
    (P @ xi).real,
    z,
    atol=1e-10,
)
verify_at_least(
    "P A P⁻¹ is not A: largest difference", abs(P @ A @ np.linalg.inv(P) - A).max(), 0.1
)
verify_at_least("nor is ξ the state z: largest difference", abs(xi - z).max(), 0.1)

# %% [markdown]
r"""
### It is the token that is forced

**The notes say** that teacher forcing feeds the ground-truth "text vector $z_{t-1}$", though $z$ denotes the hidden states there.

**Right is** that the ground-truth previous *token* $y_{t-1}$ (its embedding) is fed in place of the prediction $\hat y_{t-1}$. The hidden state stays the model's own, so earlier tokens still act through it.
"""

# %% tags=["checks"]
import torch

torch.manual_seed(5)
cell, table = torch.nn.RNNCell(4, 6).double(), torch.randn(5, 4, dtype=torch.float64)
truth = torch.tensor([2, 0, 3, 1, 4, 4, 0])
tokens = table[truth].requires_grad_()
z = torch.zeros(6, dtype=torch.float64)
for token in tokens:  # the true token each time, the own state throughout
    z = cell(token, z)
net = torch.nn.RNN(4, 6).double()
net.load_state_dict({f"{k}_l0": v for k, v in cell.state_dict().items()})
verify(
    "forced step by step: the state that torch computes in one call",
    z,
    net(tokens)[1][0],
    atol=1e-12,
)
slopes = torch.autograd.grad(z.sum(), tokens)[0].norm(dim=1)
verify_at_least(
    "slope of the last state in the first token: the state was not replaced",
    slopes[0],
    1e-6,
)

# %% [markdown]
"""
## 10. Transformers
"""

# %% [markdown]
r"""
### A linear combination that is not linear

**The notes say** that self-attention is a linear model from input to output, weighted by the correlations of the tokens.

**Right is** that the combination is linear only while the weights are held fixed. They are made from $X$ itself, so the layer is not linear: $f(2X)\ne2f(X)$. And $x_i^\top x_j$ is a bare inner product, neither centred nor divided by lengths: no correlation.
"""

# %% tags=["checks"]
from scipy.special import softmax

f = lambda X: softmax(X @ X.T, axis=1) @ X
X = np.eye(2)  # two orthogonal unit tokens: f(cX) = c (e^{c²} 1 0 …) by hand
by_hand = lambda c: c * (np.eye(2) * (math.exp(c**2) - 1) + 1) / (math.exp(c**2) + 1)
verify("f(X)", f(X), by_hand(1), rtol=1e-12)
verify("f(2X)", f(2 * X), by_hand(2), rtol=1e-12)
verify_at_least("f(2X) − 2 f(X), largest entry", abs(f(2 * X) - 2 * f(X)).max(), 0.1)
Z = np.random.default_rng(15).normal(size=(6, 4))
verify_at_least(
    "inner products minus correlations of six tokens, largest",
    abs(Z @ Z.T - np.corrcoef(Z)).max(),
    1.0,
)

# %% [markdown]
r"""
### Attention is not diagonally dominant

**The notes say** that $W$ is diagonally dominant, since typically $w'_{ii}\ge w'_{ij}$.

**Right is** that this inequality is guaranteed for tokens of equal length, not in general: of two Gaussian tokens in the plane, one prefers the other with probability $1-1/\sqrt2$. And a largest diagonal entry is not yet diagonal dominance, which asks for $w_{ii}\ge\sum_{j\ne i}w_{ij}$, that is $w_{ii}\ge\frac12$.
"""

# %% tags=["checks"]
from scipy import special

rng = np.random.default_rng(16)
pairs = rng.normal(size=(20_000, 2, 2))
scores = pairs @ pairs.transpose(0, 2, 1)
other = (scores[:, 0, 1] > scores[:, 0, 0]) | (scores[:, 1, 0] > scores[:, 1, 1])
verify_within_se(
    "two Gaussian tokens: one of them prefers the other",
    other.astype(float),
    1 - math.sqrt(0.5),
)
unit = rng.normal(size=(12, 3))
unit /= np.linalg.norm(unit, axis=1, keepdims=True)
scores = unit @ unit.T
verify(
    "twelve tokens of length 1: each prefers itself", scores.argmax(1), np.arange(12)
)
verify_at_most(
    "… and none of them dominates: largest diagonal weight, short of 1/2",
    special.softmax(scores, axis=1).diagonal().max(),
    0.4,
)

# %% [markdown]
"""
### What equivariant means

**The notes say** that equivariance means: if you change the input, the output changes accordingly.

**Right is** that every function does that. Permutation equivariance says that permuting the inputs permutes the outputs *in the same way* and changes nothing else. A layer with a causal mask answers a change of its input too, and is not equivariant.
"""

# %% tags=["checks"]
import torch
from torch.nn.functional import scaled_dot_product_attention as attention

torch.manual_seed(6)
X, order = torch.randn(1, 6, 4, dtype=torch.float64), torch.tensor([3, 0, 5, 1, 2, 4])
layer = lambda X, causal: attention(X, X, X, is_causal=causal)
verify(
    "permuted input, attention without mask: permuted output",
    layer(X[:, order], False),
    layer(X, False)[:, order],
    atol=1e-12,
)
gap = (layer(X[:, order], True) - layer(X, True)[:, order]).abs().max()
verify_at_least("… with a causal mask: largest difference", gap, 0.1)
moved = (layer(X[:, order], True) - layer(X, True)).abs().max()
verify_at_least("… though its output changes with the input, by", moved, 0.1)

# %% [markdown]
r"""
### Mask before the softmax, and keep yourself

**The notes say** that a causal layer sums over the previous tokens, by setting entries of $W$ to zero.

**Right is** that the sum runs over $j\le i$, the current token included; otherwise $y_1$ would be an empty sum. And the scores are masked, not the weights: zeros put in after the softmax leave the future in its denominator, unless each row is divided by its sum afterwards.
"""

# %% tags=["checks"]
import torch
from torch.nn.functional import scaled_dot_product_attention

torch.manual_seed(7)
X = torch.randn(6, 4, dtype=torch.float64)
changed = X.clone()
changed[5] *= 3.0  # another last token
late = lambda X: (X @ X.T / 2).softmax(-1).tril()  # zeros after the softmax
right = lambda X: scaled_dot_product_attention(
    X[None], X[None], X[None], is_causal=True
)[0]
verify(
    "masked scores: outputs 1 to 5 do not hear of token 6",
    right(changed)[:5],
    right(X)[:5],
    atol=1e-12,
)
verify_at_least(
    "zeros after the softmax: they do, largest change",
    (late(changed) @ changed - late(X) @ X)[:5].abs().max(),
    0.1,
)
verify_at_least("… and a row sums to 1 minus", 1 - late(X).sum(1).min(), 0.1)
verify(
    "each row divided by its sum: repaired",
    late(X) @ X / late(X).sum(1, keepdim=True),
    right(X),
    atol=1e-12,
)

# %% [markdown]
"""
### Both of BERT's tasks are self-supervised

**The notes say** that BERT is trained on two tasks, self-supervised learning and sentence-pair classification.

**Right is** that the two are masked language modelling and next-sentence prediction, and *both* are self-supervised {cite:p}`devlin2019`: whether the second sentence really followed the first is known from the text itself, and no person labels anything.
"""

# %% tags=["checks"]
rng, K = np.random.default_rng(17), 5
text = rng.integers(K, size=(40_001, 2))  # sentences: a first and a last letter …
text[1:, 0] = (text[:-1, 1] + 1) % K  # … where the next begins one letter further on
follows = rng.random(20_000) < 0.5  # the label comes from the text's own order
i = 2 * np.arange(20_000)
second = np.where(follows, i + 1, rng.integers(40_001, size=20_000))
guess = text[second, 0] == (text[i, 1] + 1) % K
verify_within_se(
    "next-sentence task made from bare text: rule's accuracy, 1 − 1/(2K)",
    (guess == follows).astype(float),
    1 - 1 / (2 * K),
)

# %% [markdown]
r"""
### The size of the patch matrix

**The notes say** that patches are embedded by a matrix $V\in\mathbb R^{n\times(pq^2)}$.

**Right is** that a $p\times p$ patch with $q$ channels has $p^2q$ entries, so $V\in\mathbb R^{n\times p^2q}$.
"""

# %% tags=["checks"]
import torch

p, q = 16, 3
patches = torch.nn.functional.unfold(torch.zeros(1, q, 224, 224), p, stride=p)
verify("entries of a 16 × 16 patch with 3 channels", patches.shape[1], p**2 * q)
verify_at_least(
    "… and the printed number is too small by", patches.shape[1] - p * q**2, 1
)

# %% [markdown]
"""
## 11. Sets, graphs and surfaces
"""

# %% [markdown]
r"""
### Which part forgets the order?

**The notes say** that in $f(X)=\rho\bigl(\sum_m\phi(x_m)\bigr)$ the map $\rho$ is the invariant aggregator, for example a sum or a maximum, and that any invariant function has this form.

**Right is** that the aggregator is the *sum* inside; $\rho$ acts after it on one code vector and may be anything, itself not symmetric. And "any" needs the conditions of the theorem {cite:p}`zaheer2017,wagstaff2019`. With the maximum or the mean in place of the sum the form is still invariant, but poorer: neither can count.
"""

# %% tags=["checks"]
import itertools

phi = lambda x: np.array([x, x**2])
rho = lambda code: (code[0] ** 2 - code[1]) / 2  # not symmetric in its two inputs
f = lambda X: rho(sum(phi(x) for x in X))
X = np.random.default_rng(18).normal(size=5)
pairs = sum(a * b for a, b in itertools.combinations(X, 2))
verify(
    "sum over all pairs of five numbers, in 120 orders",
    np.array([f(order) for order in itertools.permutations(X)]),
    np.full(120, pairs),
)
verify_at_least("ρ(3, 5) and ρ(5, 3) differ by", abs(rho([3, 5]) - rho([5, 3])), 1.0)
codes = [np.array([phi(x) for x in X]) for X in ([1, 2], [1, 1, 2, 2])]
verify(
    "{1, 2} and {1, 1, 2, 2}: equal codes by maximum, mean, sum?",
    tuple(
        bool(np.allclose(g(codes[0], 0), g(codes[1], 0)))
        for g in (np.max, np.mean, np.sum)
    ),
    (True, True, False),
)

# %% [markdown]
r"""
### Two matrices, two symbols

**The notes say** $\tilde A=A+I$ and a line later $\tilde A=\tilde D^{-1/2}\tilde A\tilde D^{-1/2}$, an equation that would define $\tilde A$ by itself.

**Right is** that they are different matrices: $\tilde A=A+I$, whose largest eigenvalue is at least one plus the mean degree, and its normalisation $\hat A$, whose largest eigenvalue is 1.
"""

# %% tags=["checks"]
import networkx as nx

A = nx.to_numpy_array(nx.karate_club_graph(), weight=None)
A_tilde, d = A + np.eye(34), A.sum(1) + 1
A_hat = A_tilde / np.sqrt(np.outer(d, d))
top = [np.linalg.eigvalsh(M)[-1] for M in (A_tilde, A_hat)]
verify("karate club: largest eigenvalue of Â", top[1], 1.0, rtol=1e-9)
verify_at_least("… of A + I", top[0], d.mean())

# %% [markdown]
r"""
### Oversmoothing: not to the same value

**The notes say** that repeated mixing (by the symmetric normalisation $\hat A$) makes all embeddings converge to the same value.

**Right is** that they become *proportional*: row $i$ tends to $\sqrt{d_i+1}$ times one common row. Equal rows are the limit of the plain average $\tilde D^{-1}\tilde A$. Both hold on a connected graph, with weights and nonlinearities left out.
"""

# %% tags=["checks"]
import networkx as nx

A = nx.to_numpy_array(nx.karate_club_graph(), weight=None) + np.eye(34)
d, X = A.sum(1), np.random.default_rng(19).normal(size=(34, 2))
many = lambda M: np.linalg.matrix_power(M, 300) @ X
symmetric, plain = many(A / np.sqrt(np.outer(d, d))), many(A / d[:, None])
verify(
    "300 times Â: rows over √(dᵢ + 1) are one row",
    symmetric / np.sqrt(d)[:, None],
    np.tile(np.sqrt(d) @ X / d.sum(), (34, 1)),
    atol=1e-9,
)
verify_at_least(
    "… so the largest row is longer than the smallest by the factor",
    np.ptp(np.log(np.linalg.norm(symmetric, axis=1))),
    math.log(2),
)
verify(
    "300 plain averages: equal rows, the mean weighted by dᵢ + 1",
    plain,
    np.tile(d @ X / d.sum(), (34, 1)),
    atol=1e-9,
)

# %% [markdown]
r"""
### Do not mix degrees

**The notes say** that the normalised Laplacian is $I-\tilde D^{-1/2}A\tilde D^{-1/2}$ with $\tilde D=D+I$, the degrees of the graph with self-loops.

**Right is** $D$ with $A$, or $\tilde D$ with $A+I$. The mixture has no eigenvalue 0 (on a graph in which all degrees are $d$ its smallest is $\frac1{d+1}$), so it has no constant wave and cannot count components.
"""

# %% tags=["checks"]
import networkx as nx

graph = nx.disjoint_union(nx.cycle_graph(7), nx.cycle_graph(9))  # all degrees 2
A, parts = nx.to_numpy_array(graph), nx.number_connected_components(graph)
d, one = A.sum(1), np.eye(16)
over = lambda M, d: np.linalg.eigvalsh(one - M / np.sqrt(np.outer(d, d)))
zeros = lambda spectrum: int((abs(spectrum) < 1e-9).sum())
verify(
    "eigenvalues 0: D with A, D̃ with A + I",
    [zeros(over(A, d)), zeros(over(A + one, d + 1))],
    [parts] * 2,
)
verify("mixed degrees: smallest eigenvalue", over(A, d + 1)[0], 1 / 3)

# %% [markdown]
r"""
### Convolution on graphs exists

**The notes say** that convolution on a graph does not make sense.

**Right is** that the formula with $x-t$ does not, for nodes cannot be subtracted. What it achieves can be kept: a polynomial of the Laplacian, $\sum_k\theta_kL^k$, is linear and local, weighs all nodes by one rule, and on a ring is convolution with a symmetric kernel. In general one asks that renumbering the nodes, in $A$ and $X$ together, renumbers the output. (To commute with the symmetries of the one graph would ask too little: most graphs have none but the identity.)
"""

# %% tags=["checks"]
import networkx as nx
from scipy import ndimage

laplacian = lambda A: np.diag(A.sum(1)) - A
layer = lambda A, x: 0.5 * x - 2 * laplacian(A) @ x + laplacian(A) @ laplacian(A) @ x
rng = np.random.default_rng(20)
ring, x = nx.to_numpy_array(nx.cycle_graph(12)), rng.normal(size=12)
kernel = [1, -2, 2.5, -2, 1]  # 0.5 − 2 (2 − s − 1/s) + (2 − s − 1/s)², s the shift
verify(
    "on a ring: convolution with a symmetric kernel",
    layer(ring, x),
    ndimage.convolve1d(x, kernel, mode="wrap"),
    atol=1e-12,
)
tree = nx.Graph([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (2, 6)])  # arms of 1, 2 and 3
turns = list(nx.isomorphism.GraphMatcher(tree, tree).isomorphisms_iter())
verify("a tree of seven nodes: symmetries", len(turns), 1)
A, x = nx.to_numpy_array(tree, range(7)), rng.normal(size=7)
P = np.eye(7)[rng.permutation(7)]
verify(
    "… and renumbered: the output too",
    layer(P @ A @ P.T, P @ x),
    P @ layer(A, x),
    atol=1e-12,
)
M = rng.normal(size=(7, 7))  # commutes with all symmetries of the tree, with the one
verify_at_least(
    "a fixed matrix instead, renumbered: largest difference",
    abs(M @ P @ x - P @ M @ x).max(),
    0.1,
)

# %% [markdown]
r"""
### Rescale before Chebyshev

**The notes say** $T_k(\tilde L)$ with the symbol $\tilde L$ that they have just used for the normalised Laplacian, whose spectrum is in $[0,2]$.

**Right is** that Chebyshev polynomials explode outside $[-1,1]$; they need $\frac2{\lambda_{\max}}L-I$ {cite:p}`defferrard2016`.
"""

# %% tags=["checks"]
import networkx as nx

L = nx.normalized_laplacian_matrix(nx.karate_club_graph(), weight=None).toarray()
top = np.linalg.eigvalsh(L)[-1]


def chebyshev(M, degree):
    before, now = np.eye(len(M)), M
    for _ in range(degree - 1):
        before, now = now, 2 * M @ now - before
    return np.linalg.norm(now, 2)


verify(
    "T₁₂ of the normalised Laplacian: norm",
    chebyshev(L, 12),
    math.cosh(12 * math.acosh(top)),
    rtol=1e-8,
)
verify_at_least("… which is large", chebyshev(L, 12), 1e5)
verify(
    "T₁₂ of the rescaled one: norm",
    chebyshev(2 / top * L - np.eye(34), 12),
    1.0,
    rtol=1e-9,
)

# %% [markdown]
"""
## 12. Generative models
"""

# %% [markdown]
"""
### A density is not a probability

**The notes say** that $p$ maps a picture to a likelihood in $(0,1)$.

**Right is** that a density is non-negative and integrates to one, but may exceed one. Only probabilities of events stay in $[0,1]$.
"""

# %% tags=["checks"]
from scipy import integrate, stats

p = stats.norm(0, 0.1).pdf
verify(
    "N(0, 0.1²): integral of the density",
    integrate.quad(p, -2, 2, points=[0])[0],
    1.0,
    atol=1e-8,
)
verify("its value at 0", p(0), 10 / math.sqrt(2 * math.pi))
verify_at_least("… which is above 1 by", p(0) - 1, 1.0)

# %% [markdown]
r"""
### Scatter, covariance, and what must be centred

**The notes say** that $XX^\top$ (points in columns) is the covariance; that the variances can be read off the singular values of the raw data; and that there are at most $n$ components.

**Right is** that $XX^\top$ of centred points is the *scatter*, $n$ times the covariance (same eigenvectors, other values). Uncentred, the first direction is about that of the mean. And $k\le d$, of which at most $\min(d,n-1)$ carry variance.
"""

# %% tags=["checks"]
rng = np.random.default_rng(21)
raw = 10 + rng.normal(size=(4, 100))  # d = 4, n = 100 points in columns
mean = raw.mean(1, keepdims=True)
verify(
    "centred XXᵀ: n times the covariance",
    (raw - mean) @ (raw - mean).T,
    100 * np.cov(raw, bias=True),
    rtol=1e-9,
)
first = np.linalg.svd(raw)[0][:, 0]
verify(
    "raw data: |cos| of the first direction with the mean",
    abs(first @ mean)[0] / np.linalg.norm(mean),
    1.0,
    atol=0.01,
)
few = rng.normal(size=(20, 5))  # d = 20, n = 5
verify(
    "five points in 20 dimensions: directions with variance",
    int(np.linalg.matrix_rank(np.cov(few))),
    5 - 1,
)

# %% [markdown]
r"""
### The constraint makes the maximum

**The notes say** that PCA maximises $\|X^\top w\|^2$, which they call the variance.

**Right is** that it does so under $\|w\|=1$; without it, doubling $w$ quadruples the value for ever. The variance is $\frac1n$ of the value, which moves no maximiser.
"""

# %% tags=["checks"]
rng = np.random.default_rng(22)
X = rng.normal(size=(2, 2)) @ rng.normal(size=(2, 50))  # points in columns
X -= X.mean(1, keepdims=True)
angle = np.linspace(0, np.pi, 20_001)
w = np.array([np.cos(angle), np.sin(angle)])  # all directions of length 1
values = np.sum((X.T @ w) ** 2, axis=0)
verify(
    "largest value at length 1: n times the largest eigenvalue of the covariance",
    values.max(),
    50 * np.linalg.eigvalsh(np.cov(X, bias=True))[-1],
    rtol=1e-6,
)
verify(
    "the longer 2w exceeds that “maximum” by the factor",
    np.sum((X.T @ (2 * w)) ** 2, axis=0).max() / values.max(),
    4.0,
)

# %% [markdown]
r"""
### What agrees is a subspace of pictures, not of codes

**The notes say** that the codes of a linear autoencoder span the same space as those of PCA.

**Right is** that codes live in $\mathbb R^k$, and any $k$ independent ones span that. What agrees, at the optimum, is the column space of the decoder, in $\mathbb R^d$.
"""

# %% tags=["checks"]
from scipy.linalg import subspace_angles

rng = np.random.default_rng(23)
X = data.digits().X_train[:300]
X = X - X.mean(0)
decoder = rng.normal(size=(64, 3))
random_codes = X @ decoder
verify(
    "codes of an untrained encoder: dimension of their span",
    int(np.linalg.matrix_rank(random_codes)),
    3,
)
main = np.linalg.svd(X)[2][:3].T
verify_at_least(
    "angle between the untrained decoder's column space and PCA's, in degrees",
    np.degrees(subspace_angles(decoder, main)[0]),
    45,
)
for _ in range(300):  # best codes for the decoder, best decoder for the codes
    codes = X @ np.linalg.pinv(decoder).T
    decoder = (np.linalg.pinv(codes) @ X).T
verify("… the trained one's", subspace_angles(decoder, main)[0], 0.0, atol=1e-4)

# %% [markdown]
r"""
### There is nothing uniform on all of space

**The notes say** that from a deterministic autoencoder one can only sample by drawing codes uniformly from the latent space.

**Right is** that there is no uniform distribution on $\mathbb R^k$: a constant density $c>0$ has infinite mass. One may draw uniformly from a box, and what comes out depends on the box; better, fit a density to the codes.
"""

# %% tags=["checks"]
from scipy.spatial import cKDTree
from sklearn.decomposition import PCA

rng, X = np.random.default_rng(24), data.digits().X_train
pca = PCA(8, random_state=0).fit(X)
codes, nearest = pca.transform(X), cKDTree(X)
low, high = codes.min(0), codes.max(0)
middle, half = (low + high) / 2, (high - low) / 2
draws = [middle + side * half * rng.uniform(-1, 1, (300, 8)) for side in (1, 3)]
draws.append(rng.multivariate_normal(codes.mean(0), np.cov(codes.T), 300))
box, large, fitted = (nearest.query(pca.inverse_transform(z))[0].mean() for z in draws)
verify_at_least(
    "distance to the nearest digit, box three times as wide over box", large / box, 1.5
)
verify_at_least(
    "… from the box, over 1.1 times that of a fitted Gaussian's draws",
    box,
    1.1 * fitted,
)

# %% [markdown]
r"""
### A manifold may be flat

**The notes say** that a manifold is an underlying non-Euclidean structure.

**Right is** that $\mathbb R^m$ and its flat subspaces are manifolds as well; the point is that a manifold *may* be curved. A sheet and a sphere are both two-dimensional in the small; in the large, the sheet still is.
"""

# %% tags=["checks"]
rng = np.random.default_rng(25)
sheet = rng.uniform(-1, 1, (4000, 2)) @ np.linalg.qr(rng.normal(size=(3, 2)))[0].T
ball = rng.normal(size=(4000, 3))
sphere = ball / np.linalg.norm(ball, axis=1, keepdims=True)


def spread(points):  # third over first singular value
    s = np.linalg.svd(points - points.mean(0), compute_uv=False)
    return s[2] / s[0]


near = lambda P: P[np.linalg.norm(P - P[0], axis=1) < 0.2]
verify_at_most(
    "in the small, sheet and sphere: share of a third direction",
    [spread(near(sheet)), spread(near(sphere))],
    0.1,
)
verify("in the large, the sheet", spread(sheet), 0.0, atol=1e-12)
verify_at_least("… the sphere", spread(sphere), 0.9)

# %% [markdown]
"""
### Homeomorphic: continuous, not smooth

**The notes say** that a homeomorphism is a smooth and invertible mapping.

**Right is** that it is a continuous bijection with continuous inverse. One that is smooth in both directions is a *diffeomorphism*. Bending a line at a point is the one and not the other.
"""

# %% tags=["checks"]
from scipy.optimize import brentq

bent = lambda v: v if v < 0 else 2 * v
inverse = lambda u: brentq(lambda v: bent(v) - u, -3, 3, xtol=1e-13)
h = np.array([1e-2, 1e-4, 1e-6])
verify(
    "there is an inverse",
    [inverse(u) for u in (-1.5, 0.0, 1.5)],
    [-1.5, 0.0, 0.75],
    atol=1e-9,
)
verify(
    "steps of the inverse across 0 vanish with h: it is continuous",
    np.array([inverse(u) - inverse(-u) for u in h]),
    1.5 * h,
    atol=1e-9,
)
verify(
    "slopes of the map left and right of 0: it is not smooth",
    np.array([bent(0) - bent(-1e-6), bent(1e-6) - bent(0)]) / 1e-6,
    [1.0, 2.0],
)

# %% [markdown]
r"""
### The inverse must be smooth too

**The notes say** that a differentiable invertible map is a diffeomorphism, and call the map from parameters to the surface a chart.

**Right is** that the inverse must be differentiable as well. $x\mapsto x^3$ is a smooth bijection of $\mathbb R$ and no diffeomorphism: its inverse has infinite slope at 0. And the map from parameters to the surface is a parametrisation, the inverse of a chart.
"""

# %% tags=["checks"]
from scipy.optimize import brentq

h = np.array([1e-3, 1e-6, 1e-9])
inverse = np.array([brentq(lambda x: x**3 - u, 0, 1, xtol=1e-15) for u in h])
verify(
    "slope of the inverse of x³ between 0 and h: h^(−2/3)",
    inverse / h,
    h ** (-2 / 3),
    rtol=1e-6,
)
verify_at_least(
    "from each h to the next it grows by", (inverse / h)[1:] / (inverse / h)[:-1], 50
)

# %% [markdown]
r"""
### The encoder inverts the decoder only near the data

**The notes say** that the decoder is invertible, with the encoder as inverse, and that the $z$ of PCA are orthogonal vectors.

**Right is** that nothing asks for $E(D(z))=z$ away from the codes of data; $E:\mathbb R^d\to\mathbb R^k$ with $k<d$ cannot be continuous and injective on all of $\mathbb R^d$; and a ReLU decoder need be neither injective nor differentiable everywhere. In PCA the columns of $W$ are orthonormal; $z$ are coefficients.
"""

# %% tags=["checks"]
import torch
from sklearn.decomposition import PCA
from torch import nn

torch.manual_seed(8)
t = torch.linspace(0, math.pi, 100)[:, None].float()
X = torch.cat([t.cos(), t.sin()], 1)  # half a circle, codes of one number
E, D = (
    nn.Sequential(nn.Linear(a, 16), nn.Tanh(), nn.Linear(16, b)).float()
    for a, b in ((2, 1), (1, 2))
)
optimiser = torch.optim.Adam([*E.parameters(), *D.parameters()], lr=0.02)
for _ in range(400):
    optimiser.zero_grad()
    ((D(E(X)) - X) ** 2).mean().backward()
    optimiser.step()
z = E(X).detach()
far = z.mean() + 8 * (z - z.mean())
miss = lambda at: ((E(D(at)) - at).abs().median() / (z.max() - z.min())).item()
verify_at_most(
    "codes of data: E(D(z)) misses z by, in ranges of the codes", miss(z), 0.05
)
verify_at_least("codes spread eight times as wide: by", miss(far), 0.5)
pca = PCA(3).fit(data.digits().X_train)
codes, W = pca.transform(data.digits().X_train[:50]), pca.components_
verify("PCA on digits: WᵀW", W @ W.T, np.eye(3), atol=1e-9)
unit = codes / np.linalg.norm(codes, axis=1, keepdims=True)
verify_at_least(
    "codes of two digits: largest |cos|", np.triu(abs(unit @ unit.T), 1).max(), 0.9
)

# %% [markdown]
r"""
### Probabilistic PCA: the maximum belongs under the root

**The notes say** that $\rho_i=\max\{0,\sqrt{\lambda_i-\sigma^2}\}$ maximises $\log p(\mu,W\mid S)$, with diagonal noise.

**Right is** $\rho_i=\sqrt{\max\{0,\lambda_i-\sigma^2\}}$: the root would be of a negative number. Maximised is the likelihood $\log p(S\mid\mu,W)$ of the data. And the formula holds for isotropic noise {cite:p}`tipping1999`; with diagonal noise one iterates.
"""

# %% tags=["checks"]
from scipy.optimize import minimize

lam, s2 = np.array([3.0, 1.5, 0.5]), 1.0  # eigenvalues of the sample covariance
cost = lambda rho: np.sum(np.log(rho**2 + s2) + lam / (rho**2 + s2))  # −2 log p / n
best = minimize(
    cost,
    [0.7, 0.7, 0.7],
    method="Nelder-Mead",
    options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 2000},
).x
verify(
    "ρ found by blind maximisation of the likelihood",
    abs(best),
    np.sqrt(np.maximum(0, lam - s2)),
    atol=1e-3,
)
verify_at_most("λ₃ − σ², under the printed root", lam[2] - s2, -0.1)

# %% [markdown]
r"""
### The evidence is an integral over codes

**The notes say** that the evidence is an integral over $\mathbb R^d$.

**Right is** that one integrates over the code space $\mathbb R^k$; $d$ is the dimension of the data.
"""

# %% tags=["checks"]
from scipy import integrate, stats

w, x = np.array([1.0, -0.5, 2.0]), np.array([0.3, 0.2, -1.0])  # d = 3, k = 1
joint = lambda z: stats.norm.pdf(z) * stats.norm.pdf(x - w * z, scale=0.7).prod()
verify(
    "evidence of x by an integral over one number",
    integrate.quad(joint, -10, 10)[0],
    stats.multivariate_normal(np.zeros(3), np.outer(w, w) + 0.49 * np.eye(3)).pdf(x),
    rtol=1e-8,
)

# %% [markdown]
r"""
### Two slips about the ELBO

**The notes say** that $\log p_\theta(x)\ge\mathbb E_q[\log p_\theta(x,z)]+KL(q\|p_\theta(z))$; and that maximising the ELBO instead of the negative divergence $-KL(q\|p_\theta(z\mid x))$ is not equivalent.

**Right is** $\mathbb E_q[\log p_\theta(x,z)]+H(q)=\mathbb E_q[\log p_\theta(x\mid z)]-KL(q\|p_\theta(z))$; the printed expression can exceed $\log p(x)$. And over $q$ the two maximisations are exactly equivalent, for $\log p_\theta(x)$ does not depend on $q$; only in $\theta$ is the ELBO a surrogate.
"""

# %% tags=["checks"]
from scipy.special import rel_entr

prior = np.array([0.5, 0.5])  # p(z) of a binary code
given = np.array([0.9, 0.2])  # p(x | z)
q = np.linspace(0, 1, 1001)[:, None] * [1, -1] + [0, 1]  # 1001 distributions q(z)
log_px, posterior = math.log(prior @ given), prior * given / (prior @ given)
kl = lambda p: rel_entr(q, p).sum(1)
elbo = q @ np.log(given) - kl(prior)
verify(
    "ELBO: log p(x) less the divergence from the posterior, for all q",
    elbo,
    log_px - kl(posterior),
    atol=1e-12,
)
verify("so its best q is the posterior", q[elbo.argmax()], posterior, atol=1e-3)
printed = q @ np.log(prior * given) + kl(prior)
verify("the printed expression at q = (1, 0)", printed[-1], math.log(0.9))
verify_at_least("… is above log p(x) by", printed[-1] - log_px, 0.1)

# %% [markdown]
r"""
### Reparametrisation: a vector of deviations, or a matrix

**The notes say** that $z=\mu+\Sigma^{1/2}\odot\epsilon$.

**Right is** that the element-wise product is right only for diagonal $\Sigma$, with the vector of standard deviations. A full $\Sigma$ needs a matrix times a vector, $z=\mu+L\epsilon$ with $LL^\top=\Sigma$.
"""

# %% tags=["checks"]
Sigma = np.array([[1.0, 0.8], [0.8, 2.0]])
eps = np.random.default_rng(26).normal(size=(20_000, 2))
full = eps @ np.linalg.cholesky(Sigma).T
for i, j in ((0, 0), (0, 1), (1, 1)):
    verify_within_se(
        f"Lε: covariance of the coordinates {i + 1}, {j + 1}",
        full[:, i] * full[:, j],
        Sigma[i, j],
    )
by_element = eps * np.sqrt(np.diag(Sigma))
verify_within_se(
    "element-wise: covariance of coordinates 1, 2, where Σ has 0.8",
    by_element[:, 0] * by_element[:, 1],
    0.0,
)

# %% [markdown]
r"""
### Score matching: plus one half of the square

**The notes say** that $J\doteq\mathbb E\bigl[\sum_i\partial_i\psi_{\theta,i}-\frac12\psi_{\theta,i}^2\bigr]$ for $J=\mathbb E\|\psi_\theta-\psi\|^2$.

**Right is** plus {cite:p}`hyvarinen2005`; with the minus the criterion has no minimum. And it belongs to $\frac12\mathbb E\|\psi_\theta-\psi\|^2$; without that $\frac12$ the whole expression doubles.
"""

# %% tags=["checks"]
from scipy import integrate, stats

mean = lambda f: integrate.quad(lambda x: f(x) * stats.norm.pdf(x), -12, 12)[0]
v = np.array([0.5, 1.0, 2.0, 4.0])  # data N(0, 1), models N(0, v) with ψ = −x/v
true = np.array([mean(lambda x: 0.5 * (-x / u + x) ** 2) for u in v])
sign = lambda s: np.array([mean(lambda x: -1 / u + s * 0.5 * (x / u) ** 2) for u in v])
verify(
    "plus: half the distance of the scores, less a constant",
    sign(1),
    true - 0.5,
    atol=1e-8,
)
verify_at_least(
    "minus: v = 0.5 seems better than the truth, v = 1, by",
    sign(-1)[1] - sign(-1)[0],
    1.0,
)

# %% [markdown]
"""
## 13. Adversaries
"""

# %% [markdown]
"""
### Who learns from whom

**The notes say** that in a GAN the generator is trained on data made by an adversary, and that the samples it generates are adversarial examples.

**Right is** that it is the discriminator whose training data come from its adversary, the generator; the generator learns through the discriminator only. An adversarial example is something else: a perturbed input that fools a fixed model.
"""

# %% tags=["checks"]
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(27)
real = rng.normal(1, 1, 20_000)


def slope(theta):  # of the discriminator trained on N(1, 1) against N(θ, 1)
    X = np.r_[real, rng.normal(theta, 1, 20_000)][:, None]
    return LogisticRegression(C=1e6).fit(X, np.repeat([1, 0], 20_000)).coef_[0, 0]


verify(
    "discriminator against generators at −1, 0, 0.5: slopes 1 − θ",
    [slope(-1), slope(0), slope(0.5)],
    [2.0, 1.0, 0.5],
    atol=0.1,
)

# %% [markdown]
"""
### What the one step maximises

**The notes say** that the gradient sign method is a perturbation that maximises the cost.

**Right is** that it maximises the *first-order approximation* of the cost in the box. For a linear score that is the same; for a network there are larger costs in the box.
"""

# %% tags=["checks"]
import itertools

import torch
from torch import nn

torch.manual_seed(9)
corners = torch.tensor(list(itertools.product((-0.5, 0.5), repeat=6)))  # of the box
x = torch.randn(100, 6).float()
linear = nn.Linear(6, 1).float()
network = nn.Sequential(nn.Linear(6, 40), nn.Tanh(), nn.Linear(40, 1)).float()
nn.init.normal_(network[0].weight)


def costs(score):  # after the one step, and at the best of all 64 corners
    cost = lambda x: nn.functional.softplus(-score(x))[..., 0]
    at = x.clone().requires_grad_()
    sign = torch.autograd.grad(cost(at).sum(), at)[0].sign()
    best = cost(x[:, None] + corners.to(x)).max(1).values
    return cost(x + 0.5 * sign).detach(), best.detach()


verify(
    "linear score: cost of the step, and of the best corner", *costs(linear), rtol=1e-5
)
step, best = costs(network)
verify_at_least(
    "network: share of 100 inputs for which another corner costs more",
    (best > step + 1e-4).double().mean(),
    0.2,
)

# %% [markdown]
r"""
### Logits, and a maximum that stays a number

**The notes say** that the margin of the probabilities $F$ is the version that works well, and offer the softmax as a smooth replacement of the maximum.

**Right is** that the same expression on the logits $Z$ works best {cite:p}`carlini2017`: the probabilities of a confident network are flat. And the smooth maximum is $\log\sum_ie^{z_i}$, between $\max_iz_i$ and $\max_iz_i+\log n$; the softmax is its gradient, a vector.
"""

# %% tags=["checks"]
import torch

z = torch.tensor([12.0, 0.0], dtype=torch.float64, requires_grad=True)
F = z.softmax(0)  # two classes, confident
slopes = torch.autograd.grad(F[0] - F[1], z, retain_graph=True)[0]
verify(
    "slope of the probabilities' margin: 2 F₁ F₂",
    slopes[0],
    1 / (1 + math.cosh(12)),
    rtol=1e-6,
)
verify_at_most("… over that of the logits' margin, which is 1", slopes[0], 1e-4)
x = torch.randn(
    1000, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
)
x.requires_grad_()
smooth = x.logsumexp(1)
over = (smooth - x.amax(1)).detach()
verify_at_least("log-sum-exp less the maximum", over, 0.0)
verify_at_most("… at most log n", over, math.log(10))
verify(
    "its gradient is the softmax",
    torch.autograd.grad(smooth.sum(), x)[0],
    x.softmax(1),
    atol=1e-12,
)

# %% [markdown]
r"""
### Not for every classifier, not for all data

**The notes say** that for an arbitrary classifier there always exist small adversarial perturbations.

**Right is** that this needs assumptions on the data and the classifier {cite:p}`fawzi2018`. A constant classifier has none. If the classes are $2r$ apart, a classifier exists that has none shorter than $r$. The nearest-neighbour rule on a sample has none shorter than $r-\frac\rho2$ at a point whose nearest example of its own class is $\rho$ away; at a new point ($\rho>0$) a perturbation shorter than $r$ can succeed.
"""

# %% tags=["checks"]
from scipy.spatial import cKDTree

rng, r = np.random.default_rng(28), 0.5


def draw(n):  # two classes in R⁵, 2r apart along the first axis
    X = rng.uniform(-1, 1, (n, 5))
    X[:, 0] += np.sign(X[:, 0]) * r
    return X, X[:, 0] > 0


(train, label), (new, truth) = draw(1000), draw(10_000)
tree = cKDTree(train)


def fooled(X, y, size):  # points moved by size, straight at the other class's nearest
    target = np.where(
        y[:, None], *(train[k][cKDTree(train[k]).query(X)[1]] for k in (~label, label))
    )
    way = (target - X) / np.linalg.norm(target - X, axis=1, keepdims=True)
    return int((label[tree.query(X + np.reshape(size, (-1, 1)) * way)[1]] != y).sum())


rho = np.where(truth, *(cKDTree(train[k]).query(new)[0] for k in (label, ~label)))
verify("training points moved by 0.999 r: fooled", fooled(train, label, 0.999 * r), 0)
verify(
    "new points moved by 0.999 (r − ρ/2): fooled",
    fooled(new, truth, 0.999 * np.maximum(r - rho / 2, 0)),
    0,
)
verify_at_least("new points moved by 0.95 r: fooled", fooled(new, truth, 0.95 * r), 20)

# %% [markdown]
r"""
### Which density is the fake one

**The notes say** that the generated class of a GAN has the joint density $\frac12p_n(x)$, a noise density.

**Right is** $\frac12p_\theta(x)$, the generator's own; $p_n$ is left over from noise-contrastive estimation. Only so does Bayes' rule give the $p/(p+p_\theta)$ used afterwards.
"""

# %% tags=["checks"]
from scipy import stats

rng = np.random.default_rng(29)
is_real = rng.random(400_000) < 0.5
x = np.where(is_real, rng.normal(1, 1, 400_000), rng.normal(-1, 1, 400_000))
p, fake, noise = (stats.norm(m, s).pdf(0.8) for m, s in ((1, 1), (-1, 1), (0, 3)))
near = is_real[abs(x - 0.8) < 0.02].astype(float)
verify_within_se("share of real points near x = 0.8: p/(p + p_θ)", near, p / (p + fake))
verify_at_least(
    "with a noise density N(0, 3²) in its place: error",
    abs(p / (p + noise) - near.mean()),
    0.05,
)

# %% [markdown]
r"""
### Why the logarithm in the discriminator's score

**The notes say** that the logarithm is there because it is monotonic and so makes big numbers bigger; and in one place they take the expectation of $\log D(x)$ over $x\sim p_g$.

**Right is** that the logarithm is concave: it squeezes large values together and punishes those near 0. Its reason is likelihood: the score is that of a Bernoulli variable. And the expectation of $\log D(x)$ is over $p_{\text{data}}$; over $p_g$ the best answer would be $\frac12$ everywhere, whatever the data.
"""

# %% tags=["checks"]
from scipy import stats

rng = np.random.default_rng(30)
D_real, D_fake = rng.uniform(0.1, 0.9, (2, 300))
score = np.log(D_real).mean() + np.log(1 - D_fake).mean()
likelihood = stats.bernoulli(np.r_[D_real, D_fake]).logpmf(np.repeat([1, 0], 300))
verify(
    "the score is a Bernoulli log-likelihood", score, 2 * likelihood.mean(), rtol=1e-9
)
verify_at_least(
    "what D falling from 0.5 to 0.1 costs, over what rising to 0.9 gains",
    math.log(0.1 / 0.5) / -math.log(0.9 / 0.5),
    2.0,
)
a = np.linspace(0.001, 0.999, 999)
p, q = 0.3, 0.1  # densities of data and fake at one x
best = lambda first: a[np.argmax(first * np.log(a) + q * np.log(1 - a))]
verify(
    "best output with the data in the first term, and with p_g",
    [best(p), best(q)],
    [p / (p + q), 1 / 2],
    atol=1e-3,
)

# %% [markdown]
r"""
### The place and the height of a maximum

**The notes say** that the maximal score of the optimal discriminator is $p/(p+q)$.

**Right is** that this is the maximising *output* $a^*$. The score there is $p\log\frac p{p+q}+q\log\frac q{p+q}\le0$.
"""

# %% tags=["checks"]
p, q = np.random.default_rng(31).uniform(0.05, 2, (2, 100, 1))
a = np.linspace(1e-4, 1 - 1e-4, 9999)
score = p * np.log(a) + q * np.log(1 - a)
place, height = p[:, 0] / (p + q)[:, 0], score.max(1)
verify("best output, by grid search", a[score.argmax(1)], place, atol=1e-4)
verify(
    "the score there",
    height,
    (p * np.log(p / (p + q)) + q * np.log(q / (p + q)))[:, 0],
    atol=1e-6,
)
verify_at_least("… differs from p/(p + q) by", abs(height - place), 0.1)

# %% [markdown]
r"""
### One Gaussian of codes is not one Gaussian of data

**The notes say** that a VAE, in contrast to a GAN, explains everything by one big Gaussian and cannot approximate the data distribution.

**Right is** that only the prior of its codes is Gaussian: $p_\theta(x)=\int p(x\mid z)p(z)\,dz$ is a mixture of infinitely many Gaussians and can have two peaks, or many. Its objective drives it towards the data too; and the theorem on GANs says where the optimum is, not that training gets there.
"""

# %% tags=["checks"]
from scipy import stats

rng = np.random.default_rng(32)
x = np.tanh(20 * rng.normal(size=20_000)) + 0.1 * rng.normal(size=20_000)
z = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)  # a fine grid of codes
inside = np.diff(
    stats.norm.cdf(np.array([[-0.5], [0.5]]), np.tanh(20 * z), 0.1), axis=0
)
verify_within_se(
    "a steep decoder: share of samples between −0.5 and 0.5",
    (abs(x) < 0.5).astype(float),
    inside.mean(),
)
verify_at_least(
    "one Gaussian of the same variance would have more, by the factor",
    (1 - 2 * stats.norm.sf(0.5 / x.std())) / np.mean(abs(x) < 0.5),
    5.0,
)

# %% [markdown]
"""
## 14. The neural tangent kernel
"""

# %% [markdown]
r"""
### A deep network's Gaussian process is not a deep Gaussian process

**The notes say** that the recursion $K_i(x,x')=\mathbb E[\phi(f_{i-1}(x))\phi(f_{i-1}(x'))]$ belongs to "deep GPs".

**Right is** that it describes *one* Gaussian process, to which a wide deep network converges {cite:p}`lee2018`, and that it needs the scales: $K_i=\sigma_w^2\,\mathbb E[\phi\phi]+\sigma_b^2$ (with $\sigma_w^2=1$ and ReLU the signal halves in every layer). A *deep GP* is a composition $f\circ g$ of Gaussian processes, and that is not Gaussian: its tails are heavy.
"""

# %% tags=["checks"]
rng, n = np.random.default_rng(33), 200_000
here, there = rng.normal(size=(2, n))  # g at two far points, independent there
bend = 1 - np.exp(-((here - there) ** 2) / 2)
jump = np.sqrt(2 * bend) * rng.normal(size=n)  # f(g(x)) − f(g(x'))
third, fifth = 1 / math.sqrt(3), 1 / math.sqrt(5)  # E e^{−gap²/2} and E e^{−gap²}
verify_within_se(
    "GP of a GP: kurtosis of a difference, where a Gaussian has 3",
    jump**4 / (2 - 2 * third) ** 2,
    3 * (1 - 2 * third + fifth) / (1 - third) ** 2,
)
verify_at_least("… is above 3 by", np.mean(jump**4) / np.mean(jump**2) ** 2 - 3, 1.0)
u, a = rng.normal(size=(2, 100_000, 20))
out = np.sum(a * np.maximum(u, 0), 1) / math.sqrt(20)  # 100 000 networks
verify_within_se(
    "network of width m = 20: kurtosis 3 + 15/m", out**4 / 0.5**2, 3 + 15 / 20
)
h = rng.normal(size=(4000, 1, 20))
for _ in range(5):  # 4000 networks of width 20
    h = np.maximum(h, 0) @ rng.normal(size=(4000, 20, 20)) / math.sqrt(20)
verify_within_se(
    "five layers with σ_w = 1: the variance has halved five times",
    np.mean(h**2, axis=(1, 2)),
    0.5**5,
)

# %% [markdown]
r"""
### No ridge

**The notes say** that the training dynamics become identical to kernel *ridge* regression.

**Right is** that there is no ridge in $\dot f=K(y-f)$: its limit fits the data exactly, ridge*less* regression plus the initial function. A ridge appears if one adds a penalty $\lambda\|\theta-\theta_0\|^2$. Stopping early acts similarly, but no $\lambda$ gives the same.
"""

# %% tags=["checks"]
rng = np.random.default_rng(34)
Phi, y, start = rng.normal(size=(6, 30)), rng.normal(size=6), rng.normal(size=30)
new, ends = rng.normal(size=30), []  # the features of a new point
for lam in (0, 5):  # a linearised network, without and with the penalty
    theta = start
    for _ in range(4000):
        slope = Phi.T @ (Phi @ theta - y) + lam * (theta - start)
        theta = theta - 0.01 * slope
    ends.append(new @ theta)
K, f0 = Phi @ Phi.T, Phi @ start
kernel = [
    new @ start + new @ Phi.T @ np.linalg.solve(K + lam * np.eye(6), y - f0)
    for lam in (0, 5)
]
verify(
    "new point, trained without and with penalty: ridgeless, ridge (plus start)",
    ends,
    kernel,
    atol=1e-6,
)
verify_at_least("… which differ by", abs(ends[0] - ends[1]), 0.05)
s, share = np.array([0.1, 1.0, 10.0]), np.zeros(3)
for _ in range(10_000):  # eigenvalues s, until t = 1
    share = share + s * (1 - share) / 10_000
needed = s * (1 - share) / share
verify(
    "stopped early: the λ with which ridge fits the same share",
    needed,
    s / np.expm1(s),
    rtol=0.01,
)
verify_at_least(
    "… differs among the eigenvalues by the factor", max(needed) / min(needed), 10
)

# %% [markdown]
"""
## 15. Learning theory
"""

# %% [markdown]
r"""
### A few points are not enough, and not everything is answered

**The notes say** that a hypothesis which agrees with the truth on a few points very likely predicts well, and that these theorems answer everything except how to find it.

**Right is** that about $(\ln|\mathcal H|+\ln\frac1\delta)/\epsilon$ points suffice; they must come from the distribution on which one is examined, and the class must be fixed before. For the class of *all* functions nothing follows: averaged over all truths, every learner is wrong on half of what it has not seen.
"""

# %% tags=["checks"]
import itertools

rng, trials = np.random.default_rng(35), 1000
# 200 hypotheses, each wrong on 10 % of 500 inputs
wrong = np.array([rng.permutation(500) < 50 for _ in range(200)])
agree = lambda points: (~wrong[:, points].any(1)).sum()  # hypotheses without an error
bad = lambda m: [float(agree(rng.integers(500, size=m))) for _ in range(trials)]
m = math.ceil((math.log(200) + math.log(1 / 0.05)) / 0.1)
few, enough = np.array(bad(10)), np.array(bad(m))
verify_within_se("10 points: bad hypotheses that agree with all", few, 200 * 0.9**10)
verify_within_se("(ln |H| + ln 1/δ)/ε points, δ = 0.05: such", enough, 200 * 0.9**m)
verify_at_most("… share of samples with any", np.mean(enough > 0), 0.05)
bits = np.array(list(itertools.product((0, 1), repeat=3)))
seen, unseen, errors = [0, 3, 5], [1, 2, 4, 6, 7], []
nearest = [min(seen, key=lambda j: abs(bits[i] - bits[j]).sum()) for i in unseen]
for truth in itertools.product((0, 1), repeat=8):  # all 256 functions of three bits
    errors.append(np.mean(np.array(truth)[nearest] != np.array(truth)[unseen]))
verify(
    "all functions of three bits: mean error of nearest neighbour on unseen inputs",
    np.mean(errors),
    0.5,
)

# %% [markdown]
r"""
### Langevin: the noise stands under a root

**The notes say** that the noise injected into the velocity is $2\gamma\eta\,\epsilon$, and do not update the position.

**Right is** that its amplitude is $\sqrt{2\gamma\eta}$, and $\theta_{t+1}=\theta_t+\eta v_{t+1}$. With $2\gamma\eta$ the temperature is about $2\gamma\eta$ instead of 1: it depends on the step and vanishes with it.
"""

# %% tags=["checks"]
from scipy.linalg import solve_discrete_lyapunov

rng, eta, gamma = np.random.default_rng(36), 0.02, 2.0


def variance(noise):  # of θ in the potential θ²/2, exactly, by the Lyapunov equation
    M = np.array([[1 - eta**2, eta * (1 - eta * gamma)], [-eta, 1 - eta * gamma]])
    b = noise * np.array([eta, 1.0])
    return solve_discrete_lyapunov(M, np.outer(b, b))[0, 0]


right, printed = math.sqrt(2 * gamma * eta), 2 * gamma * eta
theta, v = np.zeros((2, 4000))
for _ in range(800):
    v = (1 - eta * gamma) * v - eta * theta + right * rng.normal(size=4000)
    theta = theta + eta * v
verify_within_se("4000 chains with √(2γη): variance of θ", theta**2, variance(right))
verify("… which is temperature 1, up to the step", variance(right), 1.0, atol=eta)
verify("with 2γη instead: variance", variance(printed), 2 * gamma * eta, rtol=eta)

# %% [markdown]
r"""
### The PAC-Bayes bound shrinks with the sample

**The notes say** that the risk is at most $\hat R(Q)+2s\,\mathrm{KL}(Q\|P)+\ln(2s/\delta)$.

**Right is** that the second term is $\sqrt{\bigl(\mathrm{KL}(Q\|P)+\ln(2\sqrt s/\delta)\bigr)/2s}$ {cite:p}`maurer2004`: a fraction and two roots are lost. As printed, the bound exceeds 1 even for $Q=P$, and is empty.
"""

# %% tags=["checks"]
from scipy import special, stats

s, delta = 50, 0.5
k, p = np.arange(s + 1), np.linspace(0.001, 0.999, 999)[:, None]
chance = stats.binom.pmf(k, s, p)  # of k errors on s examples, if the risk is p
share = k / s  # R̂, where R = p
kl = special.rel_entr(share, p) + special.rel_entr(1 - share, 1 - p)
moment = (chance * np.exp(s * kl)).sum(1)
verify_at_most(
    "where it comes from: E exp(s kl(R̂, R)) is at most 2√s, for every risk R",
    moment,
    2 * math.sqrt(s),
)
verify_at_least("… while √s would not do: largest moment", moment.max(), math.sqrt(s))
verify_at_least(
    "the printed bound with KL = 0, at s = 10, 100, 1000",
    np.log(2 * np.array([10, 100, 1000]) / delta),
    1.0,
)

# %% [markdown]
"""
### Descent is a search

**The notes say** that there is no search in deep learning, and that transformers use search.

**Right is** that gradient descent *is* a search, local and continuous, through the weights; what is absent is a combinatorial search over symbolic hypotheses. And a transformer is an architecture: by itself it searches nothing.
"""

# %% tags=["checks"]
rng = np.random.default_rng(37)
X = rng.normal(size=(60, 3))
y = (X @ [1.0, -1.0, 0.5] + rng.normal(size=60) > 0) * 2.0 - 1
loss = lambda w: np.log1p(np.exp(-y * (X @ w))).mean() + 0.01 * w @ w
w, step, trial = np.zeros(3), 1.0, np.zeros(3)
for _ in range(3000):  # gradient descent
    w = w + 0.5 * (X.T @ (y / (1 + np.exp(y * (X @ w)))) / 60 - 0.02 * w)
while step > 1e-7:  # search: try all six neighbours, keep the best, else halve the step
    best = min((trial + step * e for e in np.r_[np.eye(3), -np.eye(3)]), key=loss)
    trial, step = (best, step) if loss(best) < loss(trial) else (trial, step / 2)
verify("weights found by descent and by trying neighbours", w, trial, atol=1e-4)
verify_at_least(
    "loss at the start less the loss found", loss(np.zeros(3)) - loss(w), 0.1
)
