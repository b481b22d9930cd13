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
(gradient-descent-chapter)=
# Gradient descent

Two balls start at the same point above the same narrow valley and want to reach its floor. Both know only the slope under their feet. The first takes the best constant step there is; the second takes a step too, but also keeps a part of its last move. How much can one line of code matter?
"""

# %% tags=["remove-cell"]
# Colab only: fetch the book's helpers and what Colab lacks. Elsewhere: nothing.
import subprocess
import sys

REPOSITORY = ""  # the book's public address; `make address URL=...` fills it in
if "google.colab" in sys.modules:
    assert REPOSITORY, (
        "set REPOSITORY to the address of the repository this notebook comes from")
    subprocess.run([
        sys.executable, "-m", "pip", "install", "-q", "--no-deps", f"git+{REPOSITORY}",
        "micrograd", "mnist1d", "torch_geometric"
    ], check=True)

# %%
import matplotlib.pyplot as plt
import numpy as np
import sympy as sp
import torch
from scipy import integrate, optimize

from helpers import data, exercise, explore, fit, headline, plot
from helpers import verify, verify_at_least, verify_at_most, verify_within_se

plot.style()
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

# %% mystnb={"image": {"alt": "Distance to the minimum on a logarithmic axis against steps, three lines: the plain method needs 939 steps to reach 1e-8, the one with memory 119."}}
def distances(eta, beta, kappa=100.0, tol=1e-8):
    """Distance to the minimum of (x₁² + κx₂²)/2 after every step, until below tol."""
    slope = np.array([1.0, kappa])  # κ times steeper across the valley than along it
    x = before = np.ones(2)
    out = [np.linalg.norm(x)]
    while out[-1] >= tol:
        x, before = x - eta * slope * x + beta * (x - before), x
        out.append(np.linalg.norm(x))
    return out


plain = distances(eta=2 / 101, beta=0)
pushed = distances(eta=(2 / 11)**2, beta=(9 / 11)**2)

plt.semilogy(plain, color=plot.BLUE, label="slope only")
plt.semilogy(pushed, color=plot.RED, label="slope and a part of the last move")
plt.xlabel("steps")
plt.ylabel("distance to the minimum")
plt.legend()
plt.show()

# %%
verify("steps of the first ball", len(plain) - 1, 939)
verify("steps of the second ball", len(pushed) - 1, 119)
root = np.sqrt(1000)  # a valley ten times narrower, both balls at their best again
saved = len(distances(2 / 1001, 0, 1000)) / len(
    distances((2 / (root + 1))**2, ((root - 1) / (root + 1))**2, 1000))
verify("in a valley ten times narrower: steps of the first over the second", saved,
       23.6, atol=0.1)

# %% [markdown]
r"""
Eight times faster, for free; in a valley ten times narrower, twenty-four times. By the end of this chapter you will be able to

- **derive** why the gradient is the direction to leave, and how far curvature lets you go,
- **predict** the number of steps from one number, the condition number, before running anything,
- **build** gradient descent, momentum, Nesterov, SGD, AdaGrad, RMSProp, Adam and Muon in a few lines each and match PyTorch to rounding,
- **choose** a step size, a batch size and a schedule with a reason, and **recognise** what noise and non-convexity do to each.

It builds on partial derivatives and on eigenvalues of symmetric matrices. All cells together run in well under a minute on one core.

We write $f(x)$ for a function to be minimised and $\mathcal R(\theta)$ when it is the training loss of a model with parameters $\theta$; $g=\nabla f$ is the gradient, $H=\nabla^2f$ the Hessian, $\eta$ the learning rate, $\beta$ the momentum, $\mu$ and $L$ the smallest and largest curvature and $\kappa=L/\mu$.
"""

# %% [markdown]
r"""
## What is being looked for?

(optimization-problem)=
:::{prf:definition} Minimisation problem
:label: def-minimisation
Given $f:\mathbb R^d\to\mathbb R$, the *minimum* is the value $\epsilon=\min_x f(x)$ and a *minimiser* is a point $x^*\in\arg\min_x f(x)$ where it is attained. Here $x$ is unconstrained unless we say otherwise.
:::

Nothing can be said about this problem in general: a function that is zero except for one deep hole somewhere defeats every method. Every method that works exploits some property of $f$. To see what a difference the property makes, give the same good optimiser two landscapes and a hundred random starts: a bowl, and Rastrigin's function, a bowl with an egg box laid over it.
"""

# %%
rng = np.random.default_rng(0)
starts = rng.uniform(-5, 5, (100, 2))
Q, q = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, -2.0])


def bowl(x):
    return 0.5 * x @ Q @ x - q @ x


def rastrigin(x):
    return 20 + sum(x**2 - 10 * np.cos(2 * np.pi * x))


ends = {
    f.__name__: np.array([optimize.minimize(f, x).x for x in starts])
    for f in (bowl, rastrigin)
}
verify("bowl: all 100 runs end at Q⁻¹q", ends["bowl"],
       np.tile(np.linalg.solve(Q, q), (100, 1)), atol=1e-5)
different = {tuple(x) for x in np.round(ends["rastrigin"], 2)}
verify_at_least("Rastrigin: different local minima found by 100 runs", len(different),
                11)

# %% [markdown]
"""
The optimiser was BFGS, among the best there are. Look at where it ended: on the left one point, on the right wherever the start happened to be.
"""

# %% mystnb={"image": {"alt": "Two contour plots with the end points of 100 runs. On the bowl all end points coincide; on Rastrigin's function they are scattered over a grid of local minima."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.3), sharey=True)
for ax, f in zip(axes, (bowl, rastrigin)):
    plot.contours(ax, lambda x, y: np.apply_along_axis(f, 0, np.array([x, y])), (-5, 5),
                  (-5, 5), 8)
    ax.plot(*ends[f.__name__].T, ".", color=plot.RED, markersize=9)
    ax.set(title=f.__name__, xlabel="$x_1$")
axes[0].set_ylabel("$x_2$")
plt.show()

# %% [markdown]
"""
Two properties will carry the chapter. *Differentiability* tells us where downhill is. *Convexity* makes downhill enough.
"""

# %% [markdown]
r"""
## Where is downhill?

### The slope of a line

(derivative)=
How fast does $f$ change when $x$ does? Take a second point at distance $h$ and draw the line through both; as $h$ shrinks, the secant turns into the tangent:

$$
f'(x)=\lim_{h\to0}\frac{f(x+h)-f(x)}h
$$ (eq-derivative)

Positive where $f$ grows to the right, negative where it falls, and the slope of the best straight line near $x$. For $f(x)=x^2$ the quotient is $2x+h$, so $f'(x)=2x$. Drag $h$ towards zero and watch the red secant lie down on the tangent.
"""

# %% tags=["hide-input"]
def secant(h):
    fig, ax = plt.subplots()
    x = np.linspace(-0.5, 3.4, 200)
    slope = (np.sin(1 + h) - np.sin(1)) / h
    ax.plot(x, np.sin(x), color=plot.BLUE, label="sin")
    ax.plot(x,
            np.sin(1) + np.cos(1) * (x - 1), color=plot.GREY, lw=1,
            label="tangent at 1")
    ax.plot(x, np.sin(1) + slope * (x - 1), color=plot.RED, label="secant")
    ax.plot([1, 1 + h], np.sin([1, 1 + h]), "o", color=plot.RED)
    ax.set(ylim=(-0.8, 2), xlabel="$x$",
           title=f"slope {slope:.3f}, derivative {np.cos(1):.3f}")
    ax.legend(loc="lower center", ncols=3)
    return fig


explore(
    secant, alt=
    "The sine curve, its tangent at 1 and the secant through 1 and 1 + h; they merge as h shrinks",
    h=[2.0, 1.5, 1.0, 0.6, 0.3, 0.1, 0.01])

# %% [markdown]
r"""
So on a computer, take $h$ as small as it gets? Look at the error of the forward quotient and of the central one, $\frac{f(x+h)-f(x-h)}{2h}$, before deciding.
"""

# %% mystnb={"image": {"alt": "Error of forward and central differences against h, both axes logarithmic: the errors fall with slope 1 and 2 until rounding errors take over and rise again for small h."}} tags=["hide-input"]
h = np.logspace(-14, -0.5, 300)
forward = abs((np.sin(1 + h) - np.sin(1)) / h - np.cos(1))
central = abs((np.sin(1 + h) - np.sin(1 - h)) / (2 * h) - np.cos(1))

plt.loglog(h, forward, ".", ms=4, color=plot.BLUE, label="forward")
plt.loglog(h, central, ".", ms=4, color=plot.RED, label="central")
plt.xlabel("$h$")
plt.ylabel("error of the slope")
plt.legend()
plt.show()

# %%
def loglog_slope(x, y, low, high):
    keep = (x > low) & (x < high)
    return np.polyfit(np.log(x[keep]), np.log(y[keep] + 1e-300), 1)[0]


verify("the forward error falls like h", loglog_slope(h, forward, 1e-6, 1e-2), 1.0,
       atol=0.05)
verify("the central error falls like h²", loglog_slope(h, central, 1e-3, 1e-1), 2.0,
       atol=0.05)
verify("then rounding makes it grow like 1/h",
       loglog_slope(h, forward + 1e-17, 1e-14, 1e-9), -1.0, atol=0.2)

# %%
verify("best h for forward differences, in powers of ten",
       np.log10(h[forward.argmin()]), -8, atol=1)
verify("best h for central differences, in powers of ten",
       np.log10(h[central.argmin()]), -5, atol=1)

# %% [markdown]
r"""
Two errors fight: the quotient's own, $O(h)$ or $O(h^2)$, and the rounding of $f$, about $10^{-16}/h$. They balance at $h\approx10^{-8}$ and $10^{-5}$. Wherever this book checks a gradient by finite differences it uses the central quotient with $h$ near $10^{-5}$.

(derivative-rules)=
For everything else there are rules. The sum, product and chain rule you know; three that are easily forgotten are

| function | derivative |
|---|---|
| $\tan x$ | $\sec^2x$ |
| $a^x$ | $a^x\ln a$ |
| $f/g$ | $\dfrac{f'g-g'f}{g^2}$ |

The cell puts each line of the table through computer algebra and, at twenty random points, through automatic differentiation.
"""

# %%
x_ = sp.Symbol("x", real=True)
table = {  # left: the function; right: the derivative as the table says
    "tan": (sp.tan(x_), sp.sec(x_)**2), "3ˣ": (3**x_, 3**x_ * sp.log(3)),
    "sin x / (x² + 1)": (sp.sin(x_) / (x_**2 + 1),
                         (sp.cos(x_) *
                          (x_**2 + 1) - 2 * x_ * sp.sin(x_)) / (x_**2 + 1)**2)
}
points = torch.tensor(np.random.default_rng(1).uniform(-1, 1, 20), requires_grad=True)
for name, (function, claimed) in table.items():
    verify(f"({name})′ by algebra: difference",
           str(sp.simplify(sp.diff(function, x_) - claimed)), "0")
    by_torch = sp.lambdify(x_, function, [{"log": np.log}, torch])(points)
    (slopes, ) = torch.autograd.grad(by_torch.sum(), points)
    verify(f"({name})′ by autograd", slopes,
           sp.lambdify(x_, claimed)(points.detach().numpy()), rtol=1e-10)

# %% [markdown]
r"""
### The slope of a landscape

(scalar-and-vector-fields)=
A function $f:\mathbb R^n\to\mathbb R$ is a *scalar field*: a height at every point. A function $F:\mathbb R^n\to\mathbb R^n$ is a *vector field*: an arrow at every point, or $n$ scalar fields in a stack. The new difficulty of several variables sits in the domain: one may leave a point in infinitely many directions, and the slope depends on which.

(partial-derivative-and-gradient)=
Start with the directions of the axes. The *partial derivative* $\partial f/\partial x_i$ moves $x_i$ and holds the others fixed. Collected in a vector of the shape of $x$ they are the *gradient*:

$$
\nabla f(x)=\Bigl(\frac{\partial f}{\partial x_1},\dots,\frac{\partial f}{\partial x_n}\Bigr)^\top
$$ (eq-gradient)

For example $\nabla(x^2y+3y^2)=(2xy,\;x^2+6y)^\top$. We check three gradients done by hand in three ways that know nothing of each other: algebra, autograd, central differences.
"""

# %%
by_hand = {  # f and its gradient, both written out
    "x²y + 3y²": (lambda x, y, m: x**2 * y + 3 * y**2, lambda x, y, m:
                  (2 * x * y, x**2 + 6 * y)),
    "x²y + sin y": (lambda x, y, m: x**2 * y + m.sin(y), lambda x, y, m:
                    (2 * x * y, x**2 + m.cos(y))),
    "x² + y²": (lambda x, y, m: x**2 + y**2, lambda x, y, m: (2 * x, 2 * y))
}
sx, sy = sp.symbols("x y")
P = np.random.default_rng(2).normal(size=(2, 100))

# %%
for name, (f, grad) in by_hand.items():
    algebra = [
        sp.diff(f(sx, sy, sp), v) - g for v, g in zip((sx, sy), grad(sx, sy, sp))
    ]
    verify(f"∇({name}) by algebra: differences", str([sp.simplify(a) for a in algebra]),
           "[0, 0]")
    t = torch.tensor(P, requires_grad=True)
    (auto, ) = torch.autograd.grad(f(*t, torch).sum(), t)
    verify(f"∇({name}) by autograd", auto, np.array(grad(*P, np)), atol=1e-12)
    h = 1e-5 * np.eye(2)
    central = [(f(*(P.T + e).T, np) - f(*(P.T - e).T, np)) / 2e-5 for e in h]
    verify(f"∇({name}) by central differences", np.array(central), np.array(grad(
        *P, np)), atol=1e-8)

# %% [markdown]
r"""
Every gradient is a vector field, but not every vector field is a gradient: since $\partial_x\partial_yf=\partial_y\partial_xf$, a gradient has no *curl*. The field $(-y,x)$, which runs in circles, has curl 2 everywhere; no landscape is downhill all the way around.
"""

# %% mystnb={"image": {"alt": "Left: arrows of the gradient of x squared plus 3 y squared stand at right angles on its elliptic level sets. Right: the arrows of the field (-y, x) run in circles."}} tags=["hide-input"]
def elongated(x, y):
    return x**2 + 3 * y**2


fields = {
    "gradient of $x^2+3y^2$": lambda x, y: (2 * x, 6 * y),
    "$(-y, x)$, not a gradient": lambda x, y: (-y, x)
}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.2), sharey=True)
gx, gy = np.meshgrid(np.linspace(-2, 2, 11), np.linspace(-1.5, 1.5, 9))
for ax, (name, F) in zip(axes, fields.items()):
    if "gradient of" in name:
        plot.contours(ax, elongated, (-2.2, 2.2), (-1.7, 1.7), 8)
    ax.quiver(gx, gy, *F(gx, gy), color=plot.BLUE)
    ax.set(title=name, xlabel="$x$")
axes[0].set_ylabel("$y$")
plt.show()

# %%
def curl(F, x, y, h=1e-4):
    return (F(x + h, y)[1] - F(x - h, y)[1] - F(x, y + h)[0] + F(x, y - h)[0]) / (2 * h)


wavy = lambda x, y: (2 * x * y + np.cos(x), x**2 - 3 * np.sin(y)
                     )  # the gradient of x²y + sin x + 3 cos y
verify("a gradient has no curl", curl(wavy, *P), np.zeros(100), atol=1e-6)
verify("the circling field has curl 2", curl(fields["$(-y, x)$, not a gradient"], *P),
       np.full(100, 2.0), atol=1e-6)

# %% [markdown]
r"""
(directional-derivative)=
What of the other directions? Walk from $x$ along a unit vector $v$ and differentiate the height in the distance walked. The chain rule gives the slope from the partial derivatives alone:

$$
\frac{\partial f}{\partial v}(x)=\frac{d}{dt}f(x+tv)\Big|_{t=0}=\langle\nabla f(x),v\rangle
$$ (eq-directional)

Take $f=x^2+xy+3y$ at $(1,2)$, where $\nabla f=(4,4)$, along the diagonal $v=(1,1)/\sqrt2$: the slope should be $8/\sqrt2=4\sqrt2$. Three computations of the left-hand side that never touch the gradient:
"""

# %%
t_ = sp.Symbol("t")
x0, v = np.array([1.0, 2.0]), np.array([1.0, 1.0]) / np.sqrt(2)


def f(p):
    return p[0]**2 + p[0] * p[1] + 3 * p[1]


walk = f([1 + t_ / sp.sqrt(2),
          2 + t_ / sp.sqrt(2)])  # substitute the line, then differentiate in t
verify("substitute and differentiate", str(sp.simplify(sp.diff(walk, t_).subs(t_, 0))),
       "4*sqrt(2)")
verify("central difference along v", (f(x0 + 1e-5 * v) - f(x0 - 1e-5 * v)) / 2e-5,
       4 * np.sqrt(2), atol=1e-8)
_, jvp = torch.func.jvp(f, (torch.tensor(x0), ), (torch.tensor(v), ))
verify("forward-mode automatic differentiation", jvp, 4 * np.sqrt(2), atol=1e-12)

# %% [markdown]
r"""
(gradient-steepest-ascent)=
Turn $v$ around the circle. The slope is an inner product, and by Cauchy and Schwarz $\langle\nabla f,v\rangle\le\|\nabla f\|\,\|v\|$ with equality only when $v$ points along $\nabla f$.

:::{prf:theorem} Steepest ascent
:label: thm-steepest
Where $\nabla f(x)\ne0$, the unit vector of largest slope is $\nabla f/\|\nabla f\|$, and that slope is $\|\nabla f\|$. Opposite lies steepest descent; at right angles the slope is zero.
:::

Turn the arrow and read the slope on the right. It is a cosine, with its top where the arrow meets the grey gradient.
"""

# %% tags=["hide-input"]
def hill(x, y):
    return x**2 + 3 * x * y - np.sin(y)


here = np.array([0.5, 0.8])
g = np.array([2 * here[0] + 3 * here[1], 3 * here[0] - np.cos(here[1])])
angles = np.linspace(-np.pi, np.pi, 3601)


def turn(angle):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    plot.contours(left, hill, (-0.7, 1.7), (-0.4, 2.0), 14)
    arrow = dict(angles="xy", scale_units="xy", scale=1, width=0.012, zorder=3)
    left.quiver(*here, *(g / np.linalg.norm(g)), color=plot.GREY, **arrow)
    v = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    left.quiver(*here, *v, color=plot.RED, **arrow)
    left.set(aspect="equal", xlabel="$x$", ylabel="$y$", title="direction")
    right.plot(np.degrees(angles), g @ [np.cos(angles), np.sin(angles)],
               color=plot.BLUE)
    right.plot(angle, g @ v, "o", color=plot.RED)
    right.set(xlabel="angle of $v$ in degrees", title=f"slope {g @ v:.2f}",
              xticks=[-180, -90, 0, 90, 180])
    return fig


explore(
    turn, alt=
    "Left a landscape with its gradient and a direction to turn, right the slope in that direction, a cosine with its top at the gradient",
    angle=list(range(-140, 181, 40)))

# %%
step = 1e-6
slopes = (hill(here[0] + step * np.cos(angles), here[1] + step * np.sin(angles)) -
          hill(*here)) / step
verify("the steepest of 3601 directions is that of the gradient",
       angles[slopes.argmax()], np.arctan2(g[1], g[0]), atol=2e-3)
verify("its slope is the gradient's length", slopes.max(), np.linalg.norm(g), rtol=1e-5)
verify("the value at this point", np.linalg.norm(g), 3.4936, atol=1e-4)

# %% [markdown]
r"""
### Contour lines

(level-set)=
The map of a landscape shows its *level sets* $L_f(c)=\{x:f(x)=c\}$: curves in the plane, surfaces in space, hypersurfaces beyond. They live in the domain, and so does gradient descent: what moves is a point on the map, not a ball on the surface.

The simplest map belongs to an *affine* function $f(x)=w^\top x+b$. Its level set is the hyperplane $w^\top x=c-b$, orthogonal to $w$ and at signed distance $(c-b)/\|w\|$ from the origin. Turn $w$, and push $c-b$:
"""

# %% tags=["hide-input"]
def hyperplane(angle, c_minus_b):
    w = 1.5 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    fig, ax = plt.subplots(figsize=(6.8, 3.6))
    plot.contours(ax, lambda x, y: w[0] * x + w[1] * y, (-3.2, 3.2), (-2, 2), 13)
    plot.contours(ax, lambda x, y: w[0] * x + w[1] * y, (-3.2, 3.2), (-2, 2),
                  [c_minus_b], colors=plot.RED, linewidths=2.5, linestyles="-")
    ax.quiver(0, 0, *w, angles="xy", scale_units="xy", scale=1, color=plot.BLUE,
              zorder=3)
    foot = c_minus_b / 1.5 * w / 1.5
    ax.plot([0, foot[0]], [0, foot[1]], ":", color=plot.RED)
    ax.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$",
           title=f"‖w‖ = 1.5, distance {c_minus_b / 1.5:.2f}")
    return fig


explore(
    hyperplane, alt=
    "Parallel straight level sets of an affine function, one of them red, orthogonal to the arrow w",
    angle=[0, 40, 80, 120, 160], c_minus_b=[-2.0, 0.5, 2.0])

# %%
t = np.linspace(0, 2 * np.pi, 200)
c = 2.5
ellipse = np.array([np.sqrt(c) * np.cos(t), np.sqrt(c / 3) * np.sin(t)])
verify("x² + 3y² is constant on its ellipse", elongated(*ellipse), np.full(200, c),
       atol=1e-10)

# %%
w, b, rng = np.array([1.0, -2.0, 0.5, 3.0]), 0.7, np.random.default_rng(3)
null = np.linalg.svd(w[None])[2][1:]  # three directions orthogonal to w
plane = (c - b) * w / (w @ w) + rng.normal(size=(100, 3)) @ null  # (100, 4)
verify("f = c on a hyperplane in four dimensions", plane @ w + b, np.full(100, c),
       atol=1e-12)
verify("w is orthogonal to every line in it", (plane[1:] - plane[0]) @ w, np.zeros(99),
       atol=1e-12)
nearest = optimize.minimize(lambda x: x @ x, np.zeros(4),
                            constraints={"type": "eq",
                                         "fun": lambda x: w @ x + b - c}).x
verify("distance from the origin is (c − b)/‖w‖",
       np.sign(w @ nearest) * np.linalg.norm(nearest), (c - b) / np.linalg.norm(w),
       rtol=1e-6)

# %% [markdown]
r"""
(gradient-orthogonal-to-level-set)=
In every picture so far the gradient stood at a right angle on the contour. It has to. Walk along any curve $\gamma(t)$ *inside* a level set: the height does not change, so

$$
0=\frac d{dt}f(\gamma(t))=\langle\nabla f(\gamma(t)),\dot\gamma(t)\rangle .
$$ (eq-orthogonal)

:::{prf:theorem} The gradient is orthogonal to the level set
:label: thm-orthogonal
Where $f$ is differentiable, $\nabla f(x)$ is zero or perpendicular to every curve in the level set through $x$, in any dimension, and points to higher levels.
:::

For the ellipse and the sphere the tangents are known. For a small random neural network they are not, so we trace its contour by solving the differential equation that walks at a right angle to the gradient, and see whether the output stays put.
"""

# %%
tangent = np.array([-np.sqrt(c) * np.sin(t), np.sqrt(c / 3) * np.cos(t)])
verify("ellipse: tangent · gradient",
       (tangent * np.array([2 * ellipse[0], 6 * ellipse[1]])).sum(0), np.zeros(200),
       atol=1e-12)

s, r = np.random.default_rng(4).uniform(0.3, 1.2,
                                        (2, 50))  # polar angles on the unit sphere
point = np.array([np.sin(s) * np.cos(r), np.sin(s) * np.sin(r), np.cos(s)])
d_s = np.array([np.cos(s) * np.cos(r), np.cos(s) * np.sin(r), -np.sin(s)])
d_r = np.array([-np.sin(s) * np.sin(r), np.sin(s) * np.cos(r), 0 * s])
for name, direction in {"meridian": d_s, "parallel": d_r}.items():
    verify(f"sphere: {name} · gradient", (direction * 2 * point).sum(0), np.zeros(50),
           atol=1e-12)

# %%
torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(),
                          torch.nn.Linear(8, 1)).requires_grad_(False)
net_grad = torch.func.grad(lambda x: net(x)[0])


def along(_, x):
    gx, gy = net_grad(torch.tensor(x)).numpy()
    return [-gy, gx]


# %%
traced = integrate.solve_ivp(along, (0, 4), [0.3, -0.2], rtol=1e-10, atol=1e-12,
                             t_eval=np.linspace(0, 4, 60)).y.T
heights = net(torch.tensor(traced))[:, 0]
verify("tanh network: its output stays put along the traced contour", heights,
       torch.full((60, ), heights[0].item()), atol=1e-6)
moved = traced[2:] - traced[:-2]  # directions of the traced curve
cosine = (moved * torch.func.vmap(net_grad)
          (torch.tensor(traced[1:-1])).numpy()).sum(1) / np.linalg.norm(moved, axis=1)
verify("… whose direction is orthogonal to the gradient", cosine, np.zeros(58),
       atol=1e-3)

# %% [markdown]
r"""
So a gradient step always leaves its contour at a right angle. Remember this for later: a step with momentum does not.

### When is there a gradient at all?

(differentiability)=
[The directional rule](#eq-directional) needs $f$ to be *differentiable*: to have one linear map that fits in all directions at once. Partial derivatives alone do not give that. Continuous partial derivatives do, but are more than is needed. Two functions fence the notion in:

- $f(x,y)=\frac{xy}{x^2+y^2}$ with $f(0)=0$ is flat along both axes, so both partial derivatives at the origin are zero; along the diagonal it is constantly $\frac12$. Not even continuous.
- $g(x)=x^2\sin\frac1x$ with $g(0)=0$ lies between $\pm x^2$, so $g'(0)=0$; but $g'(x)=2x\sin\frac1x-\cos\frac1x$ swings between $\pm1$ arbitrarily close to zero. Differentiable, with a discontinuous derivative.
"""

# %%
def ridge(x, y):
    return x * y / (x**2 + y**2)


h = np.logspace(-1, -12, 12)
verify("f: both difference quotients at 0 vanish",
       [ridge(h, 0).max(), ridge(0, h).max()], [0.0, 0.0], atol=1e-15)
verify("f: yet on the diagonal it stays", ridge(h, h), np.full(12, 0.5), rtol=1e-12)

g_of = lambda x: x**2 * np.sin(1 / x)
verify_at_most("g: |g(h)/h| ≤ h, so g′(0) = 0", abs(g_of(h) / h), h, atol=1e-15)
k = np.arange(10_000, 10_010)
for sign, x in {-1: 1 / (2 * np.pi * k), 1: 1 / (2 * np.pi * k + np.pi)}.items():
    d = 1e-3 * x**2  # small against the oscillation's own length near x
    verify(f"g: slope {sign:+d} within {x.max():.0e} of 0",
           (g_of(x + d) - g_of(x - d)) / (2 * d), np.full(10, float(sign)), atol=1e-2)

# %% [markdown]
r"""
:::{admonition} Which function must be differentiable?
:class: correction
**The notes say** that the *gradient* must be differentiable, and that this holds if and only if the partial derivatives exist and are continuous.

**Right is:** $f$ must be differentiable; continuous partial derivatives suffice and are not necessary, as $x^2\sin\frac1x$ shows.
:::

(fundamental-theorem-of-calculus)=
One tool more, used in every proof below: slopes add up to the difference in height. On a line $f(y)-f(x)=\int_x^yf'(\tau)\,d\tau$; in $\mathbb R^n$, walk the segment from $x$ to $y$:

$$
f(y)-f(x)=\int_0^1\nabla f\bigl(x+s(y-x)\bigr)^\top(y-x)\,ds
$$ (eq-ftc)

It holds for a sine, for a function of four variables, and for the network from above.
"""

# %%
verify("sine on [0, 2]", integrate.quad(np.cos, 0, 2)[0], np.sin(2), atol=1e-12)

rng = np.random.default_rng(6)
M, u = rng.normal(size=(4, 4)), rng.normal(size=4)
f4 = lambda x: x @ M @ x + np.sin(u @ x)
grad4 = lambda x: (M + M.T) @ x + u * np.cos(u @ x)
x, y = rng.normal(size=(2, 4))
verify("quadratic plus sine in R⁴",
       integrate.quad(lambda s: grad4(x + s * (y - x)) @ (y - x), 0, 1)[0],
       f4(y) - f4(x), atol=1e-10)

nodes, weights = np.polynomial.legendre.leggauss(40)
a, z = torch.tensor([-1.0, 0.5]), torch.tensor([2.0, 1.0])
path = a + torch.tensor(
    (nodes + 1) / 2)[:, None] * (z - a)  # (40, 2) points of the segment
slopes = torch.func.vmap(net_grad)(path) @ (z - a)
verify("tanh network between two inputs",
       slopes.numpy() @ weights / 2, (net(z) - net(a)).item(), atol=1e-9)
# %% [markdown]
r"""
## Walking down

(gradient-descent)=
Now the whole method. Stand somewhere, step against the gradient, repeat:

$$
\theta_{t+1}=\theta_t-\eta\,\nabla\mathcal R(\theta_t)
$$ (eq-gd)

until $\|\nabla\mathcal R\|$ is small or patience is out. The *learning rate* $\eta>0$ is the only knob. The code is the formula:
"""

# %%
def gradient_descent(grad, x, eta, steps):
    """Every iterate, as an array of shape (steps + 1, d)."""
    way = [np.asarray(x, float)]
    for _ in range(steps):
        way.append(way[-1] - eta * grad(way[-1]))
    return np.array(way)


way = gradient_descent(lambda x: 2 * x, 4.0, eta=0.1, steps=60)  # f(x) = x²
verify("x²: the first step goes to", way[1], 3.2, rtol=1e-12)
verify("x²: after t steps, 4 · 0.8ᵗ", way, 4 * 0.8**np.arange(61), rtol=1e-12)

# %% [markdown]
r"""
On $x^2$ each step multiplies $x$ by $1-2\eta$, and that one factor already holds all that can happen. Before you drag: at which $\eta$ does it stop converging? At which does it land in a single step?
"""

# %% tags=["hide-input"]
def bounce(eta):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    x = np.linspace(-4.6, 4.6, 200)
    way = gradient_descent(lambda x: 2 * x, 4.0, eta, 25)
    inside = way[:1 + max(np.flatnonzero(abs(way) < 4.6))]
    left.plot(x, x**2, color=plot.GREY, lw=1)
    left.plot(inside, inside**2, ".-", color=plot.RED, lw=1)
    left.set(xlabel="$x$", ylabel="$x^2$", xlim=(-4.6, 4.6), ylim=(-1, 20),
             title=f"each step: times {1 - 2 * eta:.2f}")
    right.semilogy(abs(way) + 1e-16, ".-", color=plot.RED, lw=1)
    right.set(xlabel="step", ylabel="$|x|$", ylim=(1e-7, 1e2))
    return fig


explore(
    bounce, alt=
    "Left the iterates on the parabola, right their distance to the minimum: slow, fast, at once, oscillating, endless, diverging",
    eta=[0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 1.05])

# %% [markdown]
r"""
Below $\frac12$ it creeps down one side, at $\frac12$ it lands at once, above it leaps from side to side, at $1$ it does so forever, beyond that it flies off. In general (we prove it [below](#l-smoothness)), if the gradient of $\mathcal R$ is $L$-Lipschitz, every step with $\eta<2/L$ decreases the loss, and limit points are points where the gradient vanishes.

On real data: least squares for the diabetes patients (342 of them, ten measurements). With $\eta=1/L$ the loss must fall in every step; the limit must be the closed-form solution; and PyTorch must walk the same way.
"""

# %%
patients = data.diabetes()
Xp, yp = patients.X_train, patients.y_train  # (342, 10), (342,)
H = Xp.T @ Xp / len(yp)  # Hessian of the loss below, (10, 10)
mu, L = np.linalg.eigvalsh(H)[[0, -1]]


def mse(w):
    return 0.5 * np.mean((Xp @ w - yp)**2)


def mse_grad(w):
    return Xp.T @ (Xp @ w - yp) / len(yp)


# %%
way = gradient_descent(mse_grad, np.zeros(10), 1 / L, 15_000)
losses = 0.5 * np.mean((way @ Xp.T - yp)**2, axis=1)
verify_at_most("η = 1/L: largest change of the loss in a step",
               np.diff(losses).max(), 0.0, atol=1e-15)
verify("the limit is the closed form", way[-1], np.linalg.solve(H, Xp.T @ yp / len(yp)),
       atol=1e-6)

w = torch.zeros(10, requires_grad=True)
sgd = torch.optim.SGD([w], lr=1 / L)
for _ in range(300):
    sgd.zero_grad()
    (0.5 * ((torch.tensor(Xp) @ w - torch.tensor(yp))**2).mean()).backward()
    sgd.step()
verify("300 steps of torch.optim.SGD", w, way[300], atol=1e-10)

# %% [markdown]
"""
Which minimum does the walk find? The one its start belongs to. Himmelblau's function $(x^2+y-11)^2+(x+y^2-7)^2$ has four; below, every start is coloured by where gradient descent ends. With a small step the map is that of falling water. With a step near the limit the first leap carries many starts over a ridge into somebody else's valley.
"""

# %% mystnb={"image": {"alt": "Two maps of the plane, each start coloured by the minimum that gradient descent reaches: four regions for a small step; for a large one parts of the rim belong to another minimum."}} tags=["hide-input"]
minima = np.array([[3.0, 2.0], [-2.805118, 3.131312], [-3.779310, -3.283186],
                   [3.584428, -1.848126]])


def himmelblau_grad(p):
    x, y = p
    a, b = x**2 + y - 11, x + y**2 - 7
    return np.array([4 * x * a + 2 * b, 2 * a + 4 * y * b])


grid = np.array(np.meshgrid(np.linspace(-5, 5, 220), np.linspace(-5, 5,
                                                                 220)))  # (2, 220, 220)
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.4), sharey=True)
basins = []
for ax, eta in zip(axes, (0.002, 0.0165)):
    p = grid.copy()
    for _ in range(400):
        p = np.clip(p - eta * himmelblau_grad(p), -8,
                    8)  # clipped, or some starts leave for ever
    nearest = ((p[None] - minima[:, :, None, None])**2).sum(1).argmin(0)
    ax.imshow(nearest, origin="lower", extent=(-5, 5, -5, 5), cmap="cividis",
              interpolation="nearest")
    ax.plot(*minima.T, "o", color="white", markeredgecolor="black")
    ax.set(title=f"$\\eta={eta}$", xlabel="$x$")
    ax.grid(False)
    basins.append(nearest)
axes[0].set_ylabel("$y$")
plt.show()

# %%
by_scipy = [optimize.root(himmelblau_grad, m + 0.1, tol=1e-14).x for m in minima]
verify("the four minima, by a root finder", np.array(by_scipy), minima, atol=1e-5)
small = grid.copy()
for _ in range(400):
    small = small - 0.002 * himmelblau_grad(small)
reached = np.take(minima, basins[0], axis=0).transpose(2, 0, 1)
share = np.mean(np.abs(small - reached).max(0) < 1e-3)
verify_at_least("η = 0.002: share of starts that have arrived at a minimum", share,
                0.98)
moved = np.mean(basins[0] != basins[1])
verify_at_least("share of starts that the larger step takes elsewhere", moved, 0.05)

# %% [markdown]
r"""
### How long is a step?

(learning-rate)=
Not $\eta$ but $\eta\|\nabla f\|$: steps shrink by themselves as the ground flattens. What $\eta$ does is seen on the quadratic $f(x)=\frac12x^\top Ax$, where $\nabla f=Ax$. In the eigenbasis of $A$ the update [falls apart](#eq-gd) into one line for each eigenvector,

$$
x^{(i)}_{t+1}=(1-\eta\lambda_i)\,x^{(i)}_t ,
$$ (eq-modes)

so it converges from every start if and only if $|1-\eta\lambda_i|<1$ for all $i$, that is, $\eta<2/\lambda_{\max}$. The steepest direction sets the limit, and the flattest then has to live with it.
"""

# %%
A = np.diag([1.0, 10.0])  # so the limit is η = 0.2
ends = {
    eta: gradient_descent(lambda x: A @ x, [1.0, 1.0], eta, 500)[-1]
    for eta in (0.19, 0.2, 0.201)
}
verify_at_most("η = 0.19 converges: distance after 500 steps",
               np.linalg.norm(ends[0.19]), 1e-20)
verify("η = 0.2 oscillates for ever at", abs(ends[0.2][1]), 1.0, rtol=1e-10)
verify("η = 0.201 diverges: 1.01⁵⁰⁰", abs(ends[0.201][1]), 1.01**500, rtol=1e-9)

way = gradient_descent(lambda x: A @ x, [1.0, 1.0], 0.13, 40)
verify("each coordinate shrinks by 1 − ηλ", way[1:] / way[:-1],
       np.tile([1 - 0.13, 1 - 1.3], (40, 1)), rtol=1e-12)
slopes = [np.hypot(x, 10 * y) for x, y in way[:-1]]
verify("the step has length η‖∇f‖", np.linalg.norm(np.diff(way, axis=0), axis=1),
       0.13 * np.array(slopes), rtol=1e-12)

# %% [markdown]
r"""
Now both knobs: the learning rate as a fraction of the limit $2/\lambda_{\max}$, and the ratio $\kappa$ of the two eigenvalues. Find the best fraction for $\kappa=2$; then move to $\kappa=40$ and try to save it.
"""

# %% tags=["hide-input"]
def valley(fraction_of_limit, kappa):
    lam = np.array([1.0, kappa])
    way = gradient_descent(lambda x: lam * x, [9.0, 1.2], fraction_of_limit * 2 / kappa,
                           40)
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    plot.contours(ax, lambda x, y: 0.5 * (x**2 + kappa * y**2), (-10, 10), (-2.2, 2.2),
                  np.geomspace(0.2, 60 + 3 * kappa, 9))
    plot.path(ax, way)
    distance = np.linalg.norm(way[-1]) / np.linalg.norm(way[0])
    ax.set(xlabel="$x_1$", ylabel="$x_2$",
           title=f"distance left after 40 steps: {distance:.1e}")
    return fig


explore(
    valley, alt=
    "Contours of an elongated bowl with forty steps of gradient descent; near the limit the path zigzags across the valley",
    fraction_of_limit=[0.1, 0.3, 0.6, 0.95, 1.01], kappa=[2, 10, 40])

# %% [markdown]
r"""
With $\kappa=40$ every choice is bad: a small step crawls along the floor, a large one zigzags between the walls. The cure is not a better $\eta$; it comes [with momentum](#momentum).

### Where does it stop?

(stationary-points)=
Wherever $\nabla f(x)=0$, at a *stationary* (critical) point. Look along each eigenvector of the Hessian there: all curvatures positive, a local minimum; all negative, a maximum; mixed, a *saddle*. (A zero eigenvalue decides nothing.) The smallest example that has both is $f(x,y)=x^2-y^2+\frac14y^4$.
"""

# %%
saddle_grad = lambda p: np.array([2 * p[0], -2 * p[1] + p[1]**3])
saddle_hess = lambda p: np.diag([2.0, -2 + 3 * p[1]**2])
saddle_f = lambda x, y: x**2 - y**2 + y**4 / 4

for p, kind in {(0.0, 0.0): "saddle", (0.0, np.sqrt(2)): "minimum",
                (0.0, -np.sqrt(2)): "minimum"}.items():
    verify(f"({p[0]:.0f}, {p[1]:.3f}) is stationary", saddle_grad(p), [0.0, 0.0],
           atol=1e-12)
    signs = np.sign(np.linalg.eigvalsh(saddle_hess(p)))
    verify("… a", {2: "minimum", 0: "saddle", -2: "maximum"}[int(signs.sum())], kind)

# %%
on_axis = gradient_descent(saddle_grad, [1.0, 0.0], 0.1, 300)
beside = gradient_descent(saddle_grad, [1.0, 1e-6], 0.1, 300)
verify("from (1, 0) gradient descent stops on the saddle", on_axis[-1], [0.0, 0.0],
       atol=1e-12)
verify("a millionth beside, it ends at a minimum with f =", saddle_f(*beside[-1]), -1.0,
       atol=1e-9)

# %% [markdown]
"""
:::{admonition} A zero gradient is not yet a minimum
:class: correction
**The notes say** that once the gradient is null we have effectively reached a (local) minimum.

**Right is:** we have reached a stationary point, which may be a saddle or a maximum. From $(1,0)$ above it was a saddle.
:::

The start $(1,0)$ is a knife's edge. But how *long* a start near the edge lingers is another matter: drag the offset towards zero and see the plateau grow. A saddle does not stop gradient descent, it delays it, by a time that grows like the logarithm of the offset.
"""

# %% tags=["hide-input"]
def linger(log10_offset):
    way = gradient_descent(saddle_grad, [1.2, 10.0**log10_offset], 0.1, 120)
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
    plot.contours(left, saddle_f, (-1.5, 1.5), (-0.6, 2), 16)
    plot.path(left, way)
    left.set(xlabel="$x$", ylabel="$y$")
    right.plot(saddle_f(*way.T), color=plot.RED)
    right.axhline(0, color=plot.GREY, lw=1, ls=":")
    right.set(xlabel="step", ylabel="$f$", ylim=(-1.1, 1.5))
    return fig


explore(
    linger, alt=
    "Left the path past a saddle into a minimum, right the loss over the steps with a plateau at the saddle that grows as the start nears the axis",
    log10_offset=[0, -1, -2, -3, -4, -5, -6, -7])

# %% [markdown]
r"""
## How far does the slope hold?

The gradient is a promise about an infinitely small step. To say what a step of size $\eta$ will do we need the next term.

(hessian)=
### The Hessian

Differentiate the gradient. Row $i$ of the Hessian holds the derivatives of $\partial_if$; it is the Jacobian of the gradient, and it is symmetric wherever the second derivatives are continuous:

$$
H_{ij}=\frac{\partial^2f}{\partial x_i\,\partial x_j}
$$ (eq-hessian)

The proviso is needed. Peano's function $xy\frac{x^2-y^2}{x^2+y^2}$ is smooth except at the origin, where its two mixed derivatives exist and differ.
"""

# %%
verify("Hessian of x³ + y³", str(sp.hessian(sx**3 + sy**3, (sx, sy)).tolist()),
       "[[6*x, 0], [0, 6*y]]")

torch.manual_seed(2)
small_net = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh(),
                                torch.nn.Linear(5, 1)).requires_grad_(False)
small_grad = torch.func.grad(lambda x: small_net(x)[0])
at = torch.tensor([0.4, -0.7])
hess = torch.autograd.functional.hessian(lambda x: small_net(x)[0], at)
steps = 1e-5 * torch.eye(2)
by_differences = torch.stack(
    [(small_grad(at + e) - small_grad(at - e)) / 2e-5 for e in steps], dim=1)
verify("2-5-1 network: Hessian by differences of the gradient", hess, by_differences,
       atol=1e-8)
verify("… and symmetric", hess[0, 1], hess[1, 0].item(), atol=1e-12)

# %%
peano = lambda x, y: x * y * (x**2 - y**2) / (x**2 + y**2)
inner, outer = 1e-7, 1e-3  # the inner limit first, then the outer
dx_at = lambda y: (peano(inner, y) - peano(-inner, y)) / (2 * inner)
dy_at = lambda x: (peano(x, inner) - peano(x, -inner)) / (2 * inner)
verify("Peano at 0: first x, then y", (dx_at(outer) - dx_at(-outer)) / (2 * outer),
       -1.0, atol=1e-6)
verify("Peano at 0: first y, then x", (dy_at(outer) - dy_at(-outer)) / (2 * outer), 1.0,
       atol=1e-6)

# %% [markdown]
r"""
(taylor-series)=
### Taylor's series

On a line: how much of $f$ is known from its derivatives at one point $a$? For analytic functions, all of it nearby,

$$
f(x)=\sum_{k=0}^\infty\frac{f^{(k)}(a)}{k!}(x-a)^k,\qquad\text{for example}\qquad e^x=\sum_{k=0}^\infty\frac{x^k}{k!} .
$$ (eq-taylor)

"Nearby" can be short, and "analytic" is more than smooth: the series of $\log(1+x)$ fails beyond $x=1$ however many terms are taken, and $e^{-1/x^2}$ has all derivatives zero at the origin, so its series is the zero function. Raise the order and watch where the approximation clings and where it does not.
"""

# %% tags=["hide-input"]
log_series = lambda x, n: sum((-1)**(k + 1) * x**k / k for k in range(1, n + 1))
exp_series = lambda x, n: sum(x**k / sp.factorial(k) for k in range(n + 1))


def polynomials(order):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
    x = np.linspace(-3, 3, 200)
    left.plot(x, np.exp(x), color=plot.BLUE)
    left.plot(x, sum(x**k / float(sp.factorial(k)) for k in range(order + 1)),
              color=plot.RED)
    left.set(title="$e^x$", xlabel="$x$", ylim=(-3, 20))
    x = np.linspace(-0.95, 2, 200)
    right.plot(x, np.log1p(x), color=plot.BLUE)
    right.plot(x, log_series(x, order), color=plot.RED)
    right.axvline(1, color=plot.GREY, lw=1, ls=":")
    right.set(title="$\\log(1+x)$", xlabel="$x$", ylim=(-3, 2))
    return fig


explore(
    polynomials, alt=
    "Taylor polynomials of the exponential, which follow it ever further, and of log(1+x), which leave it beyond x = 1 at every order",
    order=[1, 2, 3, 4, 6, 8, 12, 20])

# %%
errors = [float(abs(sp.E - exp_series(1, n))) for n in range(16)]
bounds = [float(sp.E / sp.factorial(n + 1)) for n in range(16)]
verify_at_most("eˣ at 1: error after the n-th term, against e/(n+1)!", errors, bounds)
terms = [abs(log_series(1.5, n) - np.log(2.5)) for n in (10, 20, 40)]
verify_at_least("log(1 + x) at 1.5: the error grows from order to order",
                np.diff(terms), 1.0)
flat = sp.exp(-1 / x_**2)
at_zero = [sp.limit(sp.diff(flat, x_, k), x_, 0) for k in range(4)]
verify("exp(−1/x²): derivatives 0 to 3 at the origin", str(at_zero), "[0, 0, 0, 0]")

# %% [markdown]
r"""
(taylor-remainder)=
Stop after $n$ terms. What is left over is known exactly. For $f\in C^{n+1}$ ($n+1$ times *continuously* differentiable) integrate [the fundamental theorem](#eq-ftc) by parts $n$ times:

$$
R_n=\int_{x_0}^x\frac{f^{(n+1)}(t)}{n!}(x-t)^n\,dt=\frac{f^{(n+1)}(x_0+\vartheta(x-x_0))}{(n+1)!}(x-x_0)^{n+1}
$$ (eq-remainder)

for some $\vartheta\in(0,1)$ (Lagrange's form). For the sine from $0.3$ to $2$ we compute the integral numerically, and solve for the $\vartheta$ that Lagrange promises:
"""

# %%
sine_derivative = lambda k, t: np.sin(t + k * np.pi / 2)
a, x = 0.3, 2.0
factorial = [float(sp.factorial(k)) for k in range(9)]
with_integral, with_lagrange = [], []
for n in range(7):
    polynomial = sum(
        sine_derivative(k, a) / factorial[k] * (x - a)**k for k in range(n + 1))
    integrand = lambda t: sine_derivative(n + 1, t) / factorial[n] * (x - t)**n
    with_integral.append(polynomial + integrate.quad(integrand, a, x)[0])

    lagrange = lambda s: (sine_derivative(n + 1, a + s * (x - a)) / factorial[n + 1] *
                          (x - a)**(n + 1))
    missing = lambda s: polynomial + lagrange(s) - np.sin(2)
    inside = np.linspace(0.01, 0.99, 99)
    k = np.flatnonzero(np.diff(np.sign(
        missing(inside))))[0]  # raises if there is no such ϑ
    with_lagrange.append(polynomial +
                         lagrange(optimize.brentq(missing, inside[k], inside[k + 1])))

# %%
verify("polynomial + integral = sin 2, for n = 0 to 6", with_integral,
       np.full(7, np.sin(2)), atol=1e-12)
verify("polynomial + Lagrange's term at some ϑ in (0, 1) = sin 2", with_lagrange,
       np.full(7, np.sin(2)), atol=1e-10)

# %% [markdown]
r"""
(second-order-taylor-model)=
### A bowl under every point

In several variables the first three terms are all we need. With $d=w-\bar w$,

$$
f(w)=f(\bar w)+\nabla f(\bar w)^\top d+\tfrac12\,d^\top H(\bar w)\,d+O(\|d\|^3)
$$ (eq-quadratic-model)

a quadratic function that touches $f$ at $\bar w$. The cube is easy to see: along a random direction the error of the model of Rosenbrock's function must have slope 3 on a double logarithmic plot. For a quadratic function the model is exact.
"""

# %%
rng = np.random.default_rng(8)
w_bar, direction = rng.normal(size=2), rng.normal(size=2)
direction /= np.linalg.norm(direction)
grad_w, hess_w = optimize.rosen_der(w_bar), optimize.rosen_hess(w_bar)
sizes = np.geomspace(1e-3, 1e-1, 20)
model = [
    optimize.rosen(w_bar) + s * grad_w @ direction +
    s**2 / 2 * direction @ hess_w @ direction for s in sizes
]
error = abs(np.array([optimize.rosen(w_bar + s * direction) for s in sizes]) - model)
verify("the model's error grows like the cube of the step",
       np.polyfit(np.log(sizes), np.log(error), 1)[0], 3.0, atol=0.05)

d = rng.normal(size=2)
exact = bowl(w_bar) + (Q @ w_bar - q) @ d + 0.5 * d @ Q @ d
verify("for a quadratic the model is exact", exact, bowl(w_bar + d), rtol=1e-12)

# %% [markdown]
r"""
(curvature-limits-step-size)=
### What one step does

Put the step $d=-\eta g$ into the model:

$$
f(w-\eta g)\approx f(w)-\eta\|g\|^2+\frac{\eta^2}2\,g^\top Hg
$$ (eq-step-model)

A parabola in $\eta$. The linear term gains, the curvature along the gradient takes back; the step hurts once $\eta>\frac{2\|g\|^2}{g^\top Hg}$, and in the middle, at $\eta^*=\frac{\|g\|^2}{g^\top Hg}$, it gains most. That is why a single steep direction forces small steps on all of them. For quadratics the threshold is sharp: a thousand random cases, none on the wrong side.
"""

# %%
rng, right_side = np.random.default_rng(9), 0
for _ in range(1000):
    B = rng.normal(size=(4, 4))
    Hq, w = B @ B.T, rng.normal(size=4)
    g = Hq @ w
    threshold = 2 * (g @ g) / (g @ Hq @ g)
    eta = threshold * rng.uniform(0.5, 1.5)
    after = w - eta * g
    right_side += (after @ Hq @ after < w @ Hq @ w) == (eta < threshold)
verify("cases where the loss falls exactly if η is below the threshold",
       int(right_side), 1000)

# %% [markdown]
r"""
For a network the model is only a model. Take a small one on the digits, compute $g^\top Hg$ by differentiating twice, and compare what [the parabola](#eq-step-model) foretells with what a step really does.
"""

# %%
digits = data.digits()
images, labels = (torch.tensor(digits.X_train), torch.tensor(
    digits.y_train))  # (1400, 64), (1400,)
torch.manual_seed(3)
mlp = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.Tanh(),
                          torch.nn.Linear(32, 10))
sizes = [p.shape for p in mlp.parameters()]


def mlp_loss(flat):
    """Training loss of the network whose parameters stand in one long vector."""
    parts = torch.split(flat, [s.numel() for s in sizes])
    W1, b1, W2, b2 = (p.view(s) for p, s in zip(parts, sizes))
    return torch.nn.functional.cross_entropy(
        torch.tanh(images @ W1.T + b1) @ W2.T + b2, labels)


# %%
w = torch.nn.utils.parameters_to_vector(mlp.parameters()).detach()
verify("the loss of one long vector is the module's loss", mlp_loss(w),
       torch.nn.functional.cross_entropy(mlp(images), labels), rtol=1e-12)
g = torch.func.grad(mlp_loss)(w)
_, Hg = torch.func.jvp(torch.func.grad(mlp_loss), (w, ), (g, ))
etas = np.geomspace(1e-3, 40, 30)
actual = np.array([(mlp_loss(w - eta * g) - mlp_loss(w)).item() for eta in etas])
predicted = -etas * (g @ g).item() + etas**2 / 2 * (g @ Hg).item()
small = etas < 0.1 * (g @ g / (g @ Hg)).item()
verify("digits network: predicted / actual change, small steps",
       predicted[small] / actual[small], np.ones(small.sum()), rtol=0.05)

# %% mystnb={"image": {"alt": "Change of the loss against the step size: the parabola of the model and the true change agree for small steps, then part; both fall, turn and rise."}} tags=["hide-input"]
plt.semilogx(etas, predicted, color=plot.GREY, label="quadratic model")
plt.semilogx(etas, actual, ".", color=plot.RED, label="network")
plt.axvline((g @ g / (g @ Hg)).item(), color=plot.BLUE, lw=1, ls=":",
            label=r"$\eta^*=\|g\|^2/g^\top Hg$")
plt.ylim(1.2 * actual.min(), 0.3)
plt.xlabel(r"$\eta$")
plt.ylabel("change of the loss in one step")
plt.legend()
plt.show()

# %% [markdown]
r"""
(line-search)=
### Searching along the line

If the best step changes from place to place, why not search for it each time? *Exact line search* takes $\eta_t=\arg\min_{\eta>0}f(x_t-\eta g_t)$, for the quadratic $\frac12x^\top Ax$ in closed form $\frac{g^\top g}{g^\top Ag}$. At the minimum along the line the new gradient has no component along the old one: consecutive steps turn by a right angle, so even perfect steps zigzag. Kantorovich's inequality bounds the damage: each step multiplies the error in $f$ by at most $\bigl(\frac{\kappa-1}{\kappa+1}\bigr)^2$.
"""

# %%
lam = np.array([1.0, 4.0, 20.0])  # κ = 20
x, values, turns = np.array([20.0, 3.0, 1.0]), [], []
for t in range(25):
    g = lam * x
    best = (g @ g) / (g @ (lam * g))
    if t < 3:
        numeric = optimize.minimize_scalar(
            lambda eta: 0.5 * (x - eta * g) @ (lam * (x - eta * g)), bracket=(0, 1),
            tol=1e-12)
        verify(f"step {t}: closed form against a numerical search", best, numeric.x,
               rtol=1e-6)
    values.append(0.5 * x @ (lam * x))
    x = x - best * g
    turns.append(g @ (lam * x) / (g @ g))
verify("gradients before and after a step: inner product over ‖g‖²", np.array(turns),
       np.zeros(25), atol=1e-10)

# %%
verify_at_most("factor per step in f, against ((κ−1)/(κ+1))²",
               np.array(values[1:]) / values[:-1], (19 / 21)**2)

# %% [markdown]
r"""
In practice one only *backtracks* (Armijo): start bold, halve until the loss has fallen by at least a fixed fraction of what the slope promised. We set it on the problem that will accompany us to the end of the chapter: telling the odd from the even digits by logistic regression with labels $y_i=\pm1$ and a little ridge,

$$
\mathcal R(w)=\frac1n\sum_i\log\bigl(1+e^{-y_ix_i^\top w}\bigr)+\frac\lambda2\|w\|^2 .
$$ (eq-logistic)
"""

# %%
Xd = np.c_[digits.X_train,
           np.ones(1400)]  # the constant column carries the bias, (1400, 65)
yd = np.where(digits.y_train % 2, 1.0, -1.0)
lam_ridge = 1e-3


def R(w):
    return np.logaddexp(0, -yd * (Xd @ w)).mean() + lam_ridge / 2 * w @ w


def R_grad(w):
    wrong = 1 / (1 + np.exp(yd *
                            (Xd @ w)))  # how probable the model holds the wrong label
    return -Xd.T @ (yd * wrong) / len(yd) + lam_ridge * w


def R_hess(w):
    p = 1 / (1 + np.exp(-Xd @ w))
    return (Xd.T * (p * (1 - p))) @ Xd / len(yd) + lam_ridge * np.eye(65)

# %%
w_any = np.random.default_rng(10).normal(size=65)
verify("its gradient, against differences", R_grad(w_any),
       optimize.approx_fprime(w_any, R, 1e-7), atol=1e-5)
columns = [(R_grad(w_any + e) - R_grad(w_any - e)) / 2e-5 for e in 1e-5 * np.eye(65)]
verify("its Hessian, against differences of the gradient", R_hess(w_any),
       np.array(columns), atol=1e-8)

# %%
def backtrack(f, x, g, eta=1.0, c=0.3):
    """Halve eta until the loss falls by a fraction c of what the slope promises (Armijo, 1966)."""
    while f(x - eta * g) > f(x) - c * eta * (g @ g):
        eta /= 2
    return eta


w, losses, taken = np.zeros(65), [], []
for _ in range(100):
    g = R_grad(w)
    taken.append(backtrack(R, w, g, eta=16.0))
    w = w - taken[-1] * g
    losses.append(R(w))
verify_at_most("backtracking: largest change of the loss in a step",
               np.diff(losses).max(), 0.0)
L_logistic = np.linalg.eigvalsh(Xd.T @ Xd / (4 * len(yd)))[-1] + lam_ridge
verify("L is attained at w = 0, where p(1 − p) = ¼",
       np.linalg.eigvalsh(R_hess(np.zeros(65)))[-1], L_logistic, rtol=1e-9)
verify_at_least("median step found, in units of the safe 1/L",
                np.median(taken) * L_logistic, 1.5)

# %% [markdown]
r"""
It never climbs, and most of its steps are longer than the safe $1/L$: the guarantee prices in the worst curvature anywhere, the search only the curvature here.

(newton-method)=
### Jumping to the bottom of the bowl

A *first-order* method knows $f$ and $\nabla f$. A *second-order* method also knows $H$, so it can minimise [the model](#eq-quadratic-model) outright. Set its gradient $g+Hd$ to zero:

$$
\theta_{t+1}=\theta_t-H(\theta_t)^{-1}\nabla\mathcal R(\theta_t)
$$ (eq-newton)

This is Newton's method. On a quadratic it arrives in one step, whatever the condition number, where gradient descent needs tens of thousands. Near a minimum with positive definite Hessian the error is *squared* in each step: the digits that are right double.
"""

# %%
lam = np.array([1.0, 1e4])
x = np.array([3.0, -2.0])
newton = x - np.linalg.solve(np.diag(lam), lam * x)
verify("κ = 10⁴: distance after one Newton step", np.linalg.norm(newton), 0.0,
       atol=1e-10)
way = gradient_descent(lambda x: lam * x, x, 2 / (1e4 + 1), 10_000)
verify_at_least("… gradient descent after 10,000 best steps is still at distance",
                np.linalg.norm(way[-1]), 1e-6)

w_star = np.zeros(65)
for _ in range(12):
    w_star = w_star - np.linalg.solve(R_hess(w_star), R_grad(w_star))
verify("logistic regression: gradient at the optimum", R_grad(w_star), np.zeros(65),
       atol=1e-14)

# %%
w, errors = np.zeros(65), []
for _ in range(7):
    w = w - np.linalg.solve(R_hess(w), R_grad(w))
    errors.append(np.linalg.norm(w - w_star) / np.linalg.norm(w_star))
errors = np.array(errors)
close = (errors < 0.1) & (errors > 1e-12)
ratio = np.log(errors[close][1:]) / np.log(errors[close][:-1])
print("relative errors:", " ".join(f"{e:.0e}" for e in errors))
verify_at_least("Newton: log-error ratio of the last steps", ratio[-1], 1.8)
verify_at_most("… which is squaring, no more", ratio[-1], 2.2)

# %% [markdown]
r"""
Two things keep it out of deep learning. Each step solves a $d\times d$ system, $O(d^3)$ work, and $d$ may be a billion. And it looks for *stationary* points of the model, not for minima: started near a top, it climbs.
"""

# %%
x = 0.3  # cos has a maximum at 0
for _ in range(6):
    x = x - np.sin(x) / np.cos(x)  # Newton for f = cos: f' = −sin, f'' = −cos
verify("Newton on cos from 0.3 ends on the maximum", x, 0.0, atol=1e-12)
x = 0.3
for _ in range(500):
    x = x + 0.1 * np.sin(x)
verify("gradient descent ends in the minimum π", x, np.pi, atol=1e-10)

# %% [markdown]
"""
Newton's method has one more virtue to remember. Measure $x$ in other units, $x=Su$, and gradient descent takes a different path: its learning rate has units. Newton's path is the same in any linear coordinates. The adaptive methods at the end of the chapter buy a cheap part of that invariance.
"""

# %%
S = np.random.default_rng(11).normal(size=(65, 65)) / 8
u = np.linalg.solve(S, np.full(65, 0.1))
for _ in range(2):  # Newton in the coordinates u, where the loss is R(Su)
    u = u - np.linalg.solve(S.T @ R_hess(S @ u) @ S, S.T @ R_grad(S @ u))
w = np.full(65, 0.1)
for _ in range(2):
    w = w - np.linalg.solve(R_hess(w), R_grad(w))
verify("Newton in other coordinates reaches the same point", S @ u, w, atol=1e-7)
# %% [markdown]
r"""
## When is downhill enough?

(convex-set)=
A set is *convex* if the segment between any two of its points stays inside: $\lambda x+(1-\lambda)x'\in S$ for all $x,x'\in S$ and $\lambda\in[0,1]$. Balls, half-spaces, all of $\mathbb R^d$ are convex, and so is any intersection of convex sets. We test membership along ten thousand random segments; a single failure refutes, ten thousand successes only encourage.
"""

# %%
def random_segments(draw, inside, pairs, rng):
    """How many points on random segments between members fall outside the set."""
    outside = 0
    for _ in range(pairs):
        x, y, s = draw(rng), draw(rng), rng.uniform()
        outside += not inside(s * x + (1 - s) * y)
    return outside


def ring(rng):
    v = rng.normal(size=2)
    return v / np.linalg.norm(v) * rng.uniform(1, 2)


# %%
gram = lambda rng: (lambda B: B @ B.T)(rng.normal(size=(3, 3)))
rank_one = lambda rng: np.outer(*rng.normal(size=(2, 2)))
sets = {
    "ball": (lambda r: (lambda v: v / np.linalg.norm(v) * r.uniform())
             (r.normal(size=3)), lambda x: np.linalg.norm(x) <= 1, True),
    "probability simplex": (lambda r: r.dirichlet(np.ones(4)), lambda x:
                            (x >= 0).all() and abs(x.sum() - 1) < 1e-12, True),
    "positive semidefinite matrices": (gram,
                                       lambda M: np.linalg.eigvalsh(M)[0] >= -1e-12,
                                       True),
    "ring 1 ≤ ‖x‖ ≤ 2": (ring, lambda x: 1 <= np.linalg.norm(x) <= 2, False),
    "matrices of rank one": (rank_one, lambda M: abs(np.linalg.det(M)) < 1e-12, False)
}
for name, (draw, inside, convex) in sets.items():
    outside = random_segments(draw, inside, 10_000, np.random.default_rng(12))
    verify(f"{name}: no segment leaves the set", outside == 0, convex)

# %% [markdown]
r"""
The ring fails from side to side: $\frac12(1.5,0)+\frac12(-1.5,0)=0$. For matrices, $e_1e_1^\top$ and $e_2e_2^\top$ have rank one and their mean has rank two.

(convex-function)=
### Convex functions

:::{prf:definition} Convex function
:label: def-convex
$f$ on a convex domain is *convex* if chords lie above the graph: for all $x,y$ and $\alpha\in[0,1]$

$$
f(\alpha x+(1-\alpha)y)\le\alpha f(x)+(1-\alpha)f(y).
$$
:::

The definition is the same on $\mathbb R$ and on $\mathbb R^n$: it only ever looks along a segment. Drag $\alpha$ and compare the two red points: on the left the one on the chord stays above, on the right it does not.
"""

# %% tags=["hide-input"]
def chord(alpha):
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1))
    for ax, f, name, (a, z) in zip(axes, (np.square, np.sin), ("$x^2$", "$\\sin x$"),
                                   ((-1.5, 2), (-1.2, 3))):
        x = np.linspace(a - 0.4, z + 0.4, 200)
        at = alpha * a + (1 - alpha) * z
        ax.plot(x, f(x), color=plot.BLUE)
        ax.plot([a, z], f(np.array([a, z])), color=plot.GREY, lw=1)
        ax.plot([at, at], [f(at), alpha * f(a) + (1 - alpha) * f(z)], "o-",
                color=plot.RED)
        ax.set(
            xlabel="$x$", title=
            f"{name}: chord − curve = {alpha * f(a) + (1 - alpha) * f(z) - f(at):.2f}")
    return fig


explore(
    chord, alt=
    "A chord over a parabola, above the curve everywhere, and a chord over a sine, partly below it",
    alpha=[0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0])

# %%
def chord_gap(f, d, rng, n=100_000, scale=3.0):
    """Smallest value of chord minus curve over n random triples; negative: not convex."""
    x, y = rng.normal(scale=scale, size=(2, n, d))
    s = rng.uniform(size=(n, 1))
    return np.min(s[:, 0] * f(x) + (1 - s[:, 0]) * f(y) - f(s * x + (1 - s) * y))


# %%
logsumexp = lambda x: np.log(np.exp(x).sum(1))
convex = {
    "|x|": (lambda x: abs(x[:, 0]), 1), "x²": (lambda x: x[:, 0]**2,
                                               1), "eˣ": (lambda x: np.exp(x[:, 0]), 1),
    "max(0, x)": (lambda x: np.maximum(0, x[:, 0]), 1),
    "log(1 + eˣ)": (lambda x: np.logaddexp(0, x[:, 0]), 1),
    "‖x‖": (lambda x: np.linalg.norm(x, axis=1), 3),
    "‖x‖₁": (lambda x: abs(x).sum(1), 3), "logsumexp": (logsumexp, 3)
}
sigmoid = lambda x: 1 / (1 + np.exp(-x))
not_convex = {
    "sin x": lambda x: np.sin(x[:, 0]), "sign x": lambda x: np.sign(x[:, 0]),
    "x³": lambda x: x[:, 0]**3, "(1 − σ(x))²": lambda x: (1 - sigmoid(x[:, 0]))**2
}
for name, (f, d) in convex.items():
    verify_at_least(f"{name}: smallest gap of 10⁵ random chords",
                    chord_gap(f, d, np.random.default_rng(13)), 0.0, atol=1e-12)

# %%
for name, f in not_convex.items():
    verify_at_most(f"{name}: a chord runs below the curve by",
                   chord_gap(f, 1, np.random.default_rng(13)), -0.05)

x, y, s = np.random.default_rng(14).uniform(-3, 3, (3, 1000))
s = abs(s) / 3
verify("x²: the gap is α(1 − α)(x − y)²",
       s * x**2 + (1 - s) * y**2 - (s * x + (1 - s) * y)**2,
       s * (1 - s) * (x - y)**2, atol=1e-12)

# %% [markdown]
"""
The last but one is the squared error of a logistic unit, which is why classification uses [the logarithmic loss](#eq-logistic) instead. And networks? Their losses cannot be convex, for a reason that needs no calculation: exchange two hidden units, and the network computes the same function. Both parameter vectors have the same loss; were it convex, the point halfway, whose two units are equal, could not be worse. It is.
"""

# %%
w_trained = (torch.nn.utils.parameters_to_vector(
    mlp.parameters()).detach().clone().requires_grad_())
adam = torch.optim.Adam([w_trained], lr=0.01)
for _ in range(150):
    adam.zero_grad()
    mlp_loss(w_trained).backward()
    adam.step()
w_trained = w_trained.detach()
W1, b1, W2, b2 = (p.view(s)
                  for p, s in zip(torch.split(w_trained, [s.numel()
                                                          for s in sizes]), sizes))
order = torch.roll(torch.arange(32), 1)  # every hidden unit takes its neighbour's place
swapped = torch.cat([W1[order].flatten(), b1[order], W2[:, order].flatten(), b2])
verify("exchanging hidden units leaves the loss unchanged", mlp_loss(swapped),
       mlp_loss(w_trained).item(), rtol=1e-12)
verify_at_least("halfway between, the loss is higher by a factor of",
                mlp_loss((w_trained + swapped) / 2) / mlp_loss(w_trained), 5.0)

# %% [markdown]
r"""
:::{admonition} Not convex does not mean concave
:class: correction
**The notes say** that the sign (or sine) is not convex because it is concave.

**Right is:** it is neither. $\operatorname{sign}$ violates convexity between $-1$ and $3$, where the midpoint has value $1>0$, and concavity between $-3$ and $1$, where it has $-1<0$.
:::
"""

# %%
mid = lambda a, z: np.sign((a + z) / 2) - (np.sign(a) + np.sign(z)) / 2
verify("sign at the midpoint, minus the chord: from −1 to 3, from −3 to 1",
       [mid(-1, 3), mid(-3, 1)], [1.0, -1.0], rtol=1e-12)
verify_at_least("so minus sign is not convex either: its chords fall below by",
                -chord_gap(lambda x: -np.sign(x[:, 0]), 1, np.random.default_rng(13)),
                0.05)

# %% [markdown]
"""
(strict-convexity)=
*Strictly* convex means strictly above between the end points. Then there is at most one minimiser. At most: $e^x$ is strictly convex and has none, and gradient descent on it never stops walking. Nor does strictness mean curvature: $x^4$ is strictly convex with $f''(0)=0$.
"""

# %%
a = np.linspace(-2, 1,
                3001)  # chords of length one, compared with the curve at their midpoint
halfway = lambda f: (f(a) + f(a + 1)) / 2 - f(a + 0.5)
verify("x⁴: smallest gap of a chord of length one",
       halfway(lambda x: x**4).min(), 1 / 16, rtol=1e-9)
verify("|x|: … is zero, so |x| is not strictly convex",
       halfway(abs).min(), 0.0, atol=1e-15)

run = gradient_descent(np.exp, 0.0, 1.0, 10_000)
verify_at_most("eˣ: gradient descent has run off to", run[-1], -8.0)
verify_at_most("… and still moves left, by", np.diff(run)[-1], -1e-5)

# %% [markdown]
r"""
:::{admonition} Strict convexity promises at most one minimiser
:class: correction
**The notes say**, twice, that strict convexity guarantees a unique global minimum.

**Right is:** it guarantees at most one; $e^x$ has none. *Strong* convexity, below, guarantees exactly one.
:::

(local-minima-of-convex-functions)=
### Why it matters

:::{prf:theorem} Local is global
:label: thm-local-global
If $f$ is convex, every local minimum is global, and the set of minimisers is convex: empty, a point, or more.
:::

:::{prf:proof}
Let $x$ be a local minimum and $f(y)<f(x)$. Then for every small $\alpha>0$

$$
f(\alpha y+(1-\alpha)x)\le\alpha f(y)+(1-\alpha)f(x)<f(x):
$$

there are lower points arbitrarily near $x$, a contradiction. If $x$ and $y$ are both minimisers, the same inequality holds their segment at the minimal value.
:::

All three cases and the contrast: a flat-bottomed trough, the regularised logistic regression, $e^x$ from above, and a network on XOR.
"""

# %%
starts = np.random.default_rng(15).uniform(-4, 4, 50)
trough_ends = np.array([
    gradient_descent(lambda x: np.sign(x) * (abs(x) > 1), x, 0.1, 100)[-1]
    for x in starts
])
verify("trough max(|x| − 1, 0): all 50 runs reach the value",
       np.maximum(abs(trough_ends) - 1, 0), np.zeros(50), atol=1e-12)
verify_at_least("… at points as far apart as", np.ptp(trough_ends), 1.5)

# %%
ridge_ends = np.array([
    optimize.minimize(R,
                      np.random.default_rng(k).normal(size=65), jac=R_grad, hess=R_hess,
                      method="trust-exact", options={"gtol": 1e-12}).x
    for k in range(20)
])
verify("logistic regression: 20 starts, one point", ridge_ends, np.tile(
    w_star, (20, 1)), atol=1e-6)

# %%
xor_x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) * 2.0 - 1  # (4, 2)
xor_y = np.array([-1.0, 1.0, 1.0, -1.0])


def train_xor(runs, steps, eta, rng):
    """Final losses of 2-2-1 tanh networks from random starts, all trained at once."""
    W, b = rng.normal(size=(runs, 2, 2)), np.zeros((runs, 1, 2))
    v, c = rng.normal(size=(runs, 2, 1)), np.zeros((runs, 1, 1))
    for _ in range(steps):
        hidden = np.tanh(xor_x @ W + b)  # (runs, 4, 2)
        error = hidden @ v + c - xor_y[:, None]  # (runs, 4, 1)
        back = (error @ v.transpose(0, 2, 1)) * (1 - hidden**2)
        v, c = (v - eta * hidden.transpose(0, 2, 1) @ error / 4,
                c - eta * error.mean(1, keepdims=True))
        W, b = W - eta * xor_x.T @ back / 4, b - eta * back.mean(1, keepdims=True)
    return 0.5 * (error**2).mean((1, 2))


xor_losses = train_xor(50, 6000, 0.2, np.random.default_rng(16))
verify_at_least("XOR network: spread of the final losses of 50 starts",
                np.ptp(xor_losses), 1e-2)

# %% [markdown]
r"""
:::{admonition} A convex function may have no minimum at all
:class: correction
**The notes say** that a convex function has no local minima, only global ones.

**Right is:** every local minimum is global, and there may be none: $e^x$ does not attain its infimum $0$.
:::
"""

# %%
heights = np.exp(run)  # the walk on eˣ from above
verify_at_most("eˣ: the walk goes on falling", np.diff(heights).max(), 0.0)
verify_at_least("… and never arrives: the lowest value is still above 0, by",
                heights.min(), 1e-5)

# %% [markdown]
r"""
(first-order-convexity-condition)=
### Seen through the gradient

:::{prf:theorem} Tangents lie below
:label: thm-first-order
A differentiable $f$ is convex if and only if for all $x,y$

$$
f(y)\ge f(x)+\nabla f(x)^\top(y-x).
$$

Hence $\nabla f(x)=0$ if and only if $x$ is a global minimiser.
:::

:::{prf:proof}
Divide the chord inequality $f(x+\alpha(y-x))-f(x)\le\alpha(f(y)-f(x))$ by $\alpha$ and let $\alpha\to0$. Conversely, write the tangent inequality at $z=\alpha x+(1-\alpha)y$ towards $x$ and towards $y$ and add them with weights $\alpha$ and $1-\alpha$: the slopes cancel and the chord inequality remains.
:::

This is the property that makes the whole subject work: a *local* measurement, the gradient at one point, bounds the function *everywhere*. We test it on $\operatorname{logsumexp}(x)+0.1\|x\|^2$ in three dimensions, and see it fail for the sine.
"""

# %%
difference = sp.expand(sy**2 - (sx**2 + 2 * sx * (sy - sx)) - (sy - sx)**2)
verify("x²: f(y) − tangent = (y − x)²: difference", str(difference), "0")

f3 = lambda x: logsumexp(x) + 0.1 * (x**2).sum(1)
grad3 = lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True) + 0.2 * x
x, y = np.random.default_rng(17).normal(scale=3, size=(2, 10_000, 3))
verify_at_least("logsumexp: smallest height above a tangent",
                np.min(f3(y) - f3(x) - (grad3(x) * (y - x)).sum(1)), 0.0, atol=1e-10)
best = optimize.minimize(lambda x: f3(x[None])[0], np.ones(3),
                         jac=lambda x: grad3(x[None])[0], options={"gtol": 1e-9}).x
verify("… its gradient vanishes at", grad3(best[None])[0], np.zeros(3), atol=1e-8)
verify_at_least("… and nowhere is it lower: smallest f(y) − f(x*)",
                np.min(f3(y) - f3(best[None])), 0.0, atol=1e-12)

# %%
verify_at_least("sine: the tangent at 1 overshoots the curve at 4 by",
                np.sin(1) + np.cos(1) * (4 - 1) - np.sin(4), 3.2)
verify("x³: derivative at 0, though (−1)³ is lower",
       [3 * 0.0**2, float((-1.0)**3 < 0)], [0.0, 1.0], atol=1e-15)

# %% [markdown]
r"""
(second-order-convexity-condition)=
### Seen through the Hessian

:::{prf:theorem} Curvature is never negative
:label: thm-second-order
A twice continuously differentiable $f$ is convex if and only if $\nabla^2f(x)\succeq0$ everywhere; on a line, $f''\ge0$.
:::

([The remainder](#eq-remainder) with $n=1$ is $\frac12d^\top H(\cdot)d$: where it is never negative, the tangent inequality holds.) For the logistic loss $H=\frac1nX^\top\operatorname{diag}(p(1-p))X$ is a sum of squares; for logsumexp $H=\operatorname{diag}(s)-ss^\top$ with $s$ the softmax, a covariance matrix.
"""

# %%
rng = np.random.default_rng(18)
lowest = min(
    np.linalg.eigvalsh(R_hess(w) - lam_ridge * np.eye(65))[0]
    for w in rng.normal(size=(100, 65)))
verify_at_least("logistic loss: smallest Hessian eigenvalue at 100 points", lowest, 0.0,
                atol=1e-10)
softmax = lambda x: np.exp(x) / np.exp(x).sum()
points = rng.normal(size=(100, 5))
hess_lse = np.array(
    [np.diag(softmax(x)) - np.outer(softmax(x), softmax(x)) for x in points])
auto = torch.func.hessian(lambda x: torch.logsumexp(x, 0))
verify("logsumexp: Hessian formula against autograd",
       torch.func.vmap(auto)(torch.tensor(points)), hess_lse, atol=1e-12)

# %%
verify_at_least("logsumexp: smallest eigenvalue at 100 points",
                np.linalg.eigvalsh(hess_lse).min(), 0.0, atol=1e-10)

# %% [markdown]
r"""
:::{admonition} It is the second derivative
:class: correction
**The notes say** that $f'(x)\ge0$ is among the properties of convex functions.

**Right is:** $f''(x)\ge0$. The first is monotonicity, which the convex function $x^2$ violates at $-1$.
:::
"""

# %%
square = torch.tensor(-1.0, requires_grad=True)
(first, ) = torch.autograd.grad(square**2, square, create_graph=True)
(second, ) = torch.autograd.grad(first, square)
verify("x² at −1: first and second derivative",
       [first.item(), second.item()], [-2.0, 2.0], atol=1e-12)

# %% [markdown]
r"""
(convexity-preserving-operations)=
### Building with convex parts

If $f$ and $g$ are convex, so are $\alpha f+\beta g$ with $\alpha,\beta\ge0$, the maximum $\max(f,g)$, and $g\circ f$ if $g$ is also non-decreasing. None of the conditions can be dropped; the right column breaks each one.

| convex | not convex |
|---|---|
| $2x^2+3\lvert x\rvert$ | $x^2-3\lvert x\rvert$ (a negative weight) |
| $\max\bigl((x-1)^2,(x+1)^2\bigr)$ | $\min\bigl((x-1)^2,(x+1)^2\bigr)$ |
| $e^{x^2/4}$ (exp is increasing) | $(x^2-1)^2$ (the square is not monotone), $-x^2$ |
"""

# %%
kept = {
    "2x² + 3|x|": lambda x: 2 * x**2 + 3 * abs(x),
    "max of two bowls": lambda x: np.maximum(
        (x - 1)**2, (x + 1)**2), "exp(x²/4)": lambda x: np.exp(x**2 / 4)
}
broken = {
    "x² − 3|x|": lambda x: x**2 - 3 * abs(x), "min of two bowls": lambda x: np.minimum(
        (x - 1)**2, (x + 1)**2), "(x² − 1)²": lambda x: (x**2 - 1)**2,
    "−x²": lambda x: -(x**2)
}
for names, wanted in ((kept, True), (broken, False)):
    for name, f in names.items():
        gap = chord_gap(lambda x: f(x[:, 0]), 1, np.random.default_rng(20), scale=1.5)
        verify(f"{name}: no chord runs below the curve", bool(gap > -1e-9), wanted)

# %% [markdown]
"""
:::{admonition} Quadratic is not convex
:class: correction
**The notes say** that quadrics are examples of functions that are nonlinear and convex.

**Right is:** only those with positive semidefinite Hessian. $x^2-y^2$ and $-x^2$ are quadratic and not convex.
:::
"""

# %%
saddle_gap = chord_gap(lambda x: x[:, 0]**2 - x[:, 1]**2, 2, np.random.default_rng(21))
verify_at_most("x² − y²: a chord runs below the surface by", saddle_gap, -1.0)
verify("… and its Hessian has eigenvalues", np.linalg.eigvalsh(np.diag([2.0, -2.0])),
       [-2.0, 2.0], rtol=1e-12)

# %% [markdown]
r"""
(lagrange-multipliers)=
### With a constraint

Sometimes $x$ is not free: probabilities sum to one. Minimise $f$ on the curve $g(x)=0$ and walk along it. While the walk gains, $\nabla f$ has a component along the curve. At a stationary point it has none, so $\nabla f$ is [orthogonal to the curve](#gradient-orthogonal-to-level-set), and so is $\nabla g$: the two are parallel. One equation says both that and the constraint:

$$
\nabla_x\mathcal L=0,\quad\partial_\lambda\mathcal L=0\qquad\text{for}\quad\mathcal L(x,\lambda)=f(x)+\lambda\,g(x).
$$ (eq-lagrange)

The sign of $\lambda$ is a convention. Written as $f-\gamma(g-c)$ for the constraint $g(x)=c$, the multiplier has a meaning, the *shadow price*: $\gamma=df^*/dc$, what one more unit of $c$ would bring. Take $\max xy$ with $x+y=10$. At the solution the contour of $f$ and the constraint touch.
"""

# %% mystnb={"image": {"alt": "Contours of the product xy and the line x + y = 10, which touches the contour of value 25 at (5, 5); there the gradients are parallel."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.8, 3.6))
plot.contours(ax, lambda x, y: x * y, (0, 12), (0, 9), [4, 9, 16, 36, 49, 64])
plot.contours(ax, lambda x, y: x * y, (0, 12), (0, 9), [25], colors=plot.BLUE,
              linewidths=2)
ax.plot([1, 10], [9, 0], color=plot.RED, label="$x+y=10$")
ax.quiver(5, 5, 5, 5, angles="xy", scale_units="xy", scale=4, color=plot.BLUE,
          width=0.008)
ax.set(xlabel="$x$", ylabel="$y$", aspect="equal")
ax.legend()
plt.show()

# %%
gamma, c_ = sp.symbols("gamma c")
lagrangian = sx * sy - gamma * (sx + sy - c_)
(solution, ) = sp.solve([sp.diff(lagrangian, v) for v in (sx, sy, gamma)],
                        [sx, sy, gamma], dict=True)
verify("x, y, γ for c = 10", [float(solution[v].subs(c_, 10)) for v in (sx, sy, gamma)],
       [5.0, 5.0, 5.0], rtol=1e-12)
best_product = lambda c: (-optimize.minimize_scalar(lambda x: -x * (c - x), bounds=(
    0, c), method="bounded", options={"xatol": 1e-10}).fun)
verify("the largest product, searched on the line", best_product(10), 25.0, rtol=1e-9)
verify("shadow price: what a hundredth more of c brings, over a hundredth",
       (best_product(10.01) - 25) / 0.01, 5.0, atol=2e-2)

# %% [markdown]
r"""
A multiplier hides in every classifier. Among all distributions $p$ on the values $a_i$ with a given mean, which has the largest entropy? Setting the derivative of $-\sum p_i\log p_i-\gamma_0(\sum p_i-1)-\gamma_1(\sum p_ia_i-m)$ to zero gives $p_i\propto e^{-\gamma_1a_i}$: a softmax. A constrained solver that knows nothing of this finds the same.
"""

# %%
values, mean = np.array([0.0, 1.0, 2.0, 5.0]), 1.2
temperature = optimize.brentq(lambda s: softmax(s * values) @ values - mean, -5, 5)
by_solver = optimize.minimize(
    lambda p: (p * np.log(p)).sum(), np.full(4, 0.25), method="SLSQP",
    bounds=[(1e-9, 1)] * 4, options={"ftol": 1e-14},
    constraints=[{"type": "eq", "fun": lambda p: p.sum() - 1},
                 {"type": "eq", "fun": lambda p: p @ values - mean}]).x
verify("the entropy maximiser is a softmax", by_solver, softmax(temperature * values),
       atol=1e-5)

# %% [markdown]
r"""
## How fast?

Downhill is enough, but how long is the walk? Two numbers decide: how *curved* the landscape may be, which limits the step, and how *flat*, which limits what a step gains.

(lipschitz-continuity)=
### Not too curved

A map is *$L$-Lipschitz* if it stretches no distance by more than $L$: $\|f(x_1)-f(x_2)\|\le L\|x_1-x_2\|$ (between metric spaces, $d_Y\le L\,d_X$). Where there is a derivative, its largest norm is the smallest such $L$. Lipschitz constants multiply through compositions, so a network's is at most the product of its layers' spectral norms. Usually it is far smaller.
"""

# %%
rng = np.random.default_rng(22)
x, y = rng.normal(scale=4, size=(2, 100_000))
steepest = lambda f: np.max(abs(f(x) - f(y)) / abs(x - y))
for name, f, limit in [("ReLU", lambda x: np.maximum(0, x), 1.0),
                       ("sigmoid", sigmoid, 0.25), ("tanh", np.tanh, 1.0)]:
    verify_at_most(f"{name}: largest slope of 10⁵ chords", steepest(f), limit,
                   atol=1e-9)
    verify_at_least("… which nearly reaches the limit", steepest(f), 0.99 * limit)

# %%
B = rng.normal(size=(4, 6))
pairs = rng.normal(size=(100_000, 6))
stretch = np.linalg.norm(pairs @ B.T, axis=1) / np.linalg.norm(pairs, axis=1)
verify_at_most("x ↦ Bx: largest stretch, against the spectral norm", stretch.max(),
               np.linalg.norm(B, 2))
verify("… reached in the first right singular vector",
       np.linalg.norm(B @ np.linalg.svd(B)[2][0]), np.linalg.norm(B, 2), rtol=1e-12)

# %%
norms = [np.linalg.norm(W.numpy(), 2) for W in (W1, W2)]
u, v = torch.tensor(rng.normal(size=(2, 5000, 64)))
out = lambda z: torch.tanh(z @ W1.T + b1) @ W2.T + b2
empirical = ((out(u) - out(v)).norm(dim=1) / (u - v).norm(dim=1)).max()
verify_at_most("trained network: empirical constant, against the product of norms",
               empirical, norms[0] * norms[1])
verify_at_least("√x at 0 has no constant: slope from 0 to 10⁻¹²",
                np.sqrt(1e-12) / 1e-12, 1e5)

# %% [markdown]
r"""
(l-smoothness)=
If the *gradient* is $L$-Lipschitz, $f$ is called *$L$-smooth*: its curvature is at most $L$. Then no surprise waits beyond the tangent.

:::{prf:theorem} Descent lemma
:label: thm-descent
If $f$ is $L$-smooth, then $f(y)\le f(x)+\nabla f(x)^\top(y-x)+\frac L2\|y-x\|^2$, and a step $0<\eta\le1/L$ gives

$$
f(x-\eta\nabla f(x))\le f(x)-\frac\eta2\|\nabla f(x)\|^2 .
$$
:::

:::{prf:proof}
By [the fundamental theorem](#eq-ftc) along $d=y-x$,

$$
f(y)-f(x)-\nabla f(x)^\top d=\int_0^1\bigl(\nabla f(x+sd)-\nabla f(x)\bigr)^\top d\,ds\le\int_0^1Ls\,\|d\|^2ds=\frac L2\|d\|^2 .
$$

With $d=-\eta\nabla f(x)$ this says $f(y)\le f(x)-\eta(1-\frac{L\eta}2)\|\nabla f(x)\|^2$, and $1-\frac{L\eta}2\ge\frac12$.
:::

Summed over the steps: if $f$ is bounded below, $\nabla f\to0$. If it is also convex and has a minimiser, the values reach the minimum. For the logistic loss $p(1-p)\le\frac14$ gives $L=\lambda_{\max}(X^\top X)/4n$, here plus the ridge.
"""

# %%
w, drops, promised = np.zeros(65), [], []
for _ in range(300):
    g = R_grad(w)
    drops.append(R(w) - R(w - g / L_logistic))
    promised.append(g @ g / (2 * L_logistic))
    w = w - g / L_logistic
verify_at_least("logistic loss: the drop of every step, against η‖∇f‖²/2",
                np.array(drops), np.array(promised))

lam = np.linspace(1, 25, 9)  # spectrum of a quadratic: μ = 1, L = 25
ends = {
    k: np.linalg.norm(gradient_descent(lambda x: lam * x, np.ones(9), k / 25, 400)[-1])
    for k in (1.9, 2.1)
}
verify_at_most("quadratic: η = 1.9/L converges", ends[1.9], 1e-6)
verify_at_least("quadratic: η = 2.1/L diverges", ends[2.1], 1e6)

# %% [markdown]
r"""
Safe is not best. On a quadratic the worst mode shrinks by $\rho(\eta)=\max_i|1-\eta\lambda_i|=\max(|1-\eta\mu|,|1-\eta L|)$ [per step](#eq-modes). One branch falls in $\eta$, the other rises; they cross at

$$
\eta=\frac2{L+\mu},\qquad\rho=\frac{L-\mu}{L+\mu}=\frac{\kappa-1}{\kappa+1} .
$$ (eq-best-step)
"""

# %%
etas = np.linspace(1e-4, 0.1, 20_001)
factor = np.abs(1 - etas[:, None] * lam).max(1)
verify("the best fixed step, by search", etas[factor.argmin()], 2 / (25 + 1), atol=1e-5)
verify("its contraction is (κ−1)/(κ+1)", factor.min(), 24 / 26, atol=1e-3)
verify("the safe step 1/L contracts by 1 − 1/κ only",
       np.abs(1 - lam / 25).max(), 1 - 1 / 25, rtol=1e-12)

# %% [markdown]
r"""
:::{admonition} Safe is not optimal
:class: correction
**The notes say** that a fixed step $\eta\le1/L$ is optimal for $L$-smooth functions.

**Right is:** it is safe. Tiny steps satisfy it too; $2/(L+\mu)$ contracts faster on strongly convex quadratics; accelerated methods beat every fixed step. The last two lines above show it.
:::

(gd-rate-convex)=
### Convex: one over $t$

:::{prf:theorem} Rate for convex functions
:label: thm-convex-rate
If $f$ is convex and $L$-smooth and $\eta=1/L$, then $f(x_t)-f^*\le\dfrac{L\|x_0-x^*\|^2}{2t}$; a looser form often quoted is $\dfrac{2L\|x_0-x^*\|^2}{t+1}$.
:::

:::{prf:proof}
The descent lemma, then the tangent inequality at $x_t$ towards $x^*$, give

$$
f(x_{t+1})-f^*\le g_t^\top(x_t-x^*)-\frac1{2L}\|g_t\|^2=\frac L2\bigl(\|x_t-x^*\|^2-\|x_{t+1}-x^*\|^2\bigr);
$$

complete the square to see the equality. Sum over $t$ steps: the right side telescopes, and since $f(x_t)$ never rises, $t(f(x_t)-f^*)\le\frac L2\|x_0-x^*\|^2$.
:::

The bound must hold at every step, for a quadratic with a flat direction as for the logistic loss (here without ridge, measured to the best value found).
"""

# %%
lam, x0 = np.array([1.0, 0.1, 0.01, 0.0]), np.array([1.0, -2.0, 3.0, 4.0])
way = gradient_descent(lambda x: lam * x, x0, 1.0, 1000)  # L = 1
gap = 0.5 * (way**2 * lam).sum(1)[1:]
t = np.arange(1, 1001)
reach = (x0[lam > 0]**2).sum()  # squared distance to the nearest minimiser
verify_at_most("quadratic with a flat direction: gap against L‖x₀−x*‖²/2t", gap,
               reach / (2 * t))
verify_at_most("… and against 2L‖x₀−x*‖²/(t+1)", gap, 2 * reach / (t + 1))

way = gradient_descent(R_grad, np.zeros(65), 1 / L_logistic, 1000)[1:]
gap_logistic = np.array([R(w) for w in way]) - R(w_star)
verify_at_most("logistic regression: gap against the bound", gap_logistic,
               L_logistic * (w_star @ w_star) / (2 * t))

# %% mystnb={"image": {"alt": "Suboptimality of gradient descent on a flat quadratic and on logistic regression against steps, double logarithmic, both below their bounds of slope -1."}} tags=["hide-input"]
plt.loglog(t, gap, color=plot.BLUE, label="quadratic")
plt.loglog(t, reach / (2 * t), color=plot.BLUE, ls=":", label="its bound")
plt.loglog(t, gap_logistic, color=plot.RED, label="logistic regression")
plt.loglog(t,
           L_logistic * (w_star @ w_star) / (2 * t), color=plot.RED, ls=":",
           label="its bound")
plt.xlabel("steps")
plt.ylabel("$f(x_t)-f^*$")
plt.legend()
plt.show()

# %% [markdown]
r"""
(strong-convexity)=
### Strongly convex: geometric

$f$ is *$\mu$-strongly convex* if it curves at least like $\frac\mu2\|x\|^2$:

$$
f(y)\ge f(x)+\nabla f(x)^\top(y-x)+\frac\mu2\|y-x\|^2,\qquad\mu>0,
$$ (eq-strong)

equivalently $\nabla^2f\succeq\mu I$. It grows at least quadratically, so it has exactly one minimiser. A ridge penalty makes any convex loss strongly convex: for $\frac12\|Xw-y\|^2+\frac\lambda2\|w\|^2$, $\mu=\lambda_{\min}(X^\top X)+\lambda$.

(gd-rate-strongly-convex)=
:::{prf:theorem} Linear convergence
:label: thm-linear
If $f$ is $L$-smooth and $\mu$-strongly convex and $\eta=1/L$, then

$$
f(x_t)-f^*\le\Bigl(1-\frac\mu L\Bigr)^t\bigl(f(x_0)-f^*\bigr).
$$
:::

:::{prf:proof}
Minimise both sides of [the definition](#eq-strong) over $y$: $f^*\ge f(x)-\frac1{2\mu}\|\nabla f(x)\|^2$. So a small gradient certifies a small gap, and the descent lemma turns it into progress:

$$
f(x_{t+1})-f^*\le f(x_t)-f^*-\frac1{2L}\|g_t\|^2\le\Bigl(1-\frac\mu L\Bigr)\bigl(f(x_t)-f^*\bigr).
$$
:::

"Linear" is the numerical analysts' word for a geometric sequence: a straight line on a logarithmic plot, each step the same number of digits. On the diabetes data:
"""

# %%
Hr = Xp.T @ Xp + 0.1 * np.eye(10)  # Hessian of ½‖Xw − y‖² + 0.05‖w‖²
w_ridge = np.linalg.solve(Hr, Xp.T @ yp)
mu, L = np.linalg.eigvalsh(Hr)[[0, -1]]
verify("μ = λ_min(XᵀX) + λ", mu, np.linalg.eigvalsh(Xp.T @ Xp)[0] + 0.1, rtol=1e-9)

ridge_loss = lambda w: 0.5 * ((Xp @ w - yp)**2).sum() + 0.05 * w @ w
ridge_slope = lambda w: Xp.T @ (Xp @ w - yp) + 0.1 * w
u, v = np.random.default_rng(23).normal(size=(2, 10_000, 10))
margin = lambda a, b: (ridge_loss(b) - ridge_loss(a) - ridge_slope(a) @ (b - a) - mu / 2
                       * (b - a) @ (b - a))
verify_at_least("strong convexity over 10⁴ pairs: smallest margin",
                min(map(margin, u, v)), 0.0, atol=1e-9)
flattest = np.linalg.eigh(Hr)[1][:, 0]
verify("… and no larger μ would do: margin along the flattest direction",
       margin(u[0], u[0] + 3 * flattest), 0.0, atol=1e-9)

way = gradient_descent(ridge_slope, np.zeros(10), 1 / L, 500)
gap = np.array([ridge_loss(w) for w in way]) - ridge_loss(w_ridge)
verify_at_most("gap at every step, against (1 − μ/L)ᵗ", gap,
               (1 - mu / L)**np.arange(501) * gap[0])
slope = np.polyfit(range(300, 500), np.log(gap[300:500]), 1)[0]
verify_at_most("slope of log gap, against log(1 − μ/L)", slope, np.log(1 - mu / L))

# %% [markdown]
r"""
(condition-number)=
### One number: the condition number

Only the ratio $\kappa=L/\mu$ enters. It is the *condition number* of the Hessian, $\lambda_{\max}/\lambda_{\min}\ge1$ (infinite if singular); for a general matrix $\sigma_{\max}/\sigma_{\min}$. It says how elongated the level ellipses are (by $\sqrt\kappa$), how much a linear system can amplify a relative error, and how many steps gradient descent takes: $\bigl(1-\frac1\kappa\bigr)^t=\epsilon$ gives $t\approx\kappa\log\frac1\epsilon$.
"""

# %%
def steps_to(tol, kappa, eta):
    lam, x, t = np.array([1.0, kappa]), np.ones(2), 0
    while np.linalg.norm(x) > tol:
        x, t = x - eta * lam * x, t + 1
    return t


kappas = np.array([10, 30, 100, 300, 1000])
best = np.array([steps_to(1e-10, k, 2 / (k + 1)) for k in kappas])
safe = np.array([steps_to(1e-8, k, 1 / k) for k in kappas])
verify("best step: steps at κ = 100 over steps at κ = 10", best[2] / best[0], 10.0,
       atol=0.5)
verify("step 1/L: steps grow linearly in κ, log-log slope",
       np.polyfit(np.log(kappas), np.log(safe), 1)[0], 1.0, atol=0.1)
verify("κ = 1: one step", steps_to(1e-10, 1, 1.0), 1)

# %%
hilbert = 1 / (np.arange(8)[:, None] + np.arange(8) + 1)
kappa = np.linalg.cond(hilbert)
U, _, Vt = np.linalg.svd(hilbert)
data_error, solution = (
    1e-9 * U[:, -1], Vt[0])  # the worst pair: data along u₁, error along u₈
rhs = hilbert @ solution
change = np.linalg.solve(hilbert, rhs + data_error) - solution
amplified = np.linalg.norm(change) / (1e-9 / np.linalg.norm(rhs))
verify("8×8 Hilbert matrix: worst amplification of a relative error is κ", amplified,
       kappa, rtol=1e-3)
noise = np.random.default_rng(24).normal(size=(200, 8))
random_amp = [
    np.linalg.norm(np.linalg.solve(hilbert, 1e-9 * e)) / np.linalg.norm(solution) /
    (1e-9 * np.linalg.norm(e) / np.linalg.norm(rhs)) for e in noise
]
verify_at_most("… random errors stay below it", max(random_amp), kappa,
               atol=kappa * 1e-6)

# %% [markdown]
r"""
The Hilbert matrix is small and innocent to look at, and multiplies relative errors by fifteen billion.

(pl-condition)=
### Less than convexity

The proof of [linear convergence](#gd-rate-strongly-convex) used strong convexity only through one line:

$$
\tfrac12\|\nabla f(x)\|^2\ge\mu\,(f(x)-f^*)
$$ (eq-pl)

the *Polyak–Łojasiewicz condition*. It alone, with $L$-smoothness, gives the same rate. It allows many minimisers and does not ask for convexity, only that every stationary point be a global minimum; over-parametrised networks often satisfy it near a minimum. The function $x^2+3\sin^2x$ has curvature $-4$ in places and obeys it all the same.
"""

# %%
f_pl = lambda x: x**2 + 3 * np.sin(x)**2
d_pl = lambda x: 2 * x + 3 * np.sin(2 * x)
x = np.linspace(
    -10, 10, 400_000)  # an even number: 0 itself, where both sides vanish, is left out
ratio = 0.5 * d_pl(x)**2 / f_pl(x)
curvature = 2 + 6 * np.cos(2 * x)
verify("not convex: smallest second derivative, and the largest, L",
       [curvature.min(), curvature.max()], [-4.0, 8.0], atol=1e-6)
verify_at_least("yet the PL ratio never falls below 1/32", ratio.min(), 1 / 32)
verify("its measured minimum", ratio.min(), 0.1755, atol=1e-4)
mu_pl, L_pl, worst = ratio.min(), 8.0, -np.inf
for x in np.random.default_rng(25).uniform(-10, 10, 20):
    gap = f_pl(gradient_descent(d_pl, x, 1 / L_pl, 200))
    worst = max(worst, np.max(gap - (1 - mu_pl / L_pl)**np.arange(201) * gap[0]))
verify_at_most("20 starts: gap minus the bound, largest of all steps", worst, 0.0,
               atol=1e-15)

# %%
Xw = np.random.default_rng(26).normal(
    size=(20, 50))  # more parameters than data: many minimisers
spectrum = np.linalg.eigvalsh(Xw @ Xw.T)  # the non-zero eigenvalues of the Hessian XᵀX
w, target, gaps = np.zeros(50), np.random.default_rng(27).normal(size=20), []
for _ in range(200):
    gaps.append(0.5 * ((Xw @ w - target)**2).sum())
    w = w - Xw.T @ (Xw @ w - target) / spectrum[-1]
rate = 1 - spectrum[0] / spectrum[-1]
verify_at_most("rank-deficient least squares: PL with the smallest non-zero eigenvalue",
               np.array(gaps),
               rate**np.arange(200) * gaps[0])

# %% [markdown]
r"""
(gradient-flow)=
### The limit of small steps

Let $\eta\to0$ while the time $t=\eta\cdot\text{steps}$ stays. What remains is the *gradient flow*, the differential equation

$$
\dot\theta=-\nabla\mathcal R(\theta),\qquad\text{along which}\qquad\frac d{dt}\mathcal R(\theta(t))=-\|\nabla\mathcal R\|^2 .
$$ (eq-flow)

Gradient descent is its explicit Euler discretisation with step $\eta$. On a quadratic the flow is $e^{-Ht}\theta_0$, and Euler's error at a fixed time is proportional to $\eta$.
"""

# %%
Hf, start = np.array([[2.0, 0.6], [0.6, 1.0]]), np.array([1.0, -1.0])
lam, V = np.linalg.eigh(Hf)
exact = V @ (np.exp(-lam) * (V.T @ start))  # e^{-H} θ₀, the flow at time 1
error = np.array([
    np.linalg.norm(gradient_descent(lambda x: Hf @ x, start, 1 / k, k)[-1] - exact)
    for k in (50, 100, 200, 400)
])
verify("halving η halves the distance to the flow", error[:-1] / error[1:],
       np.full(3, 2.0), atol=0.1)

# %% [markdown]
r"""
:::{admonition} Which one is Euler's method?
:class: correction
**The notes say** that gradient flow is Euler's method, the numerical integration of $\dot x=-\nabla f$.

**Right is:** the flow is the differential equation itself; gradient *descent* is its numerical integration by Euler's forward method, with an error of order $\eta$.
:::

Along the flow the loss never rises, and what it loses is the integral of $\|\nabla\mathcal R\|^2$:
"""

# %%
flow = integrate.solve_ivp(lambda _, w: -R_grad(w), (0, 20), np.zeros(65),
                           t_eval=np.linspace(0, 20, 41), rtol=1e-8, atol=1e-10).y.T
loss = np.array([R(w) for w in flow])
verify_at_most("logistic regression: largest change of the loss along the flow",
               np.diff(loss).max(), 0.0)
speed = np.array([R_grad(w) @ R_grad(w) for w in flow])
lost = integrate.simpson(speed, x=np.linspace(0, 20, 41))
verify("what the loss lost is the integral of ‖∇R‖²", loss[0] - loss[-1], lost,
       rtol=2e-2)

# %% [markdown]
"""
## Rough ground

(nonconvex-landscape)=
### Where you start is where you end

Without convexity the proofs above lose their last line: the gradient still vanishes in the limit, but at a point that need not be a minimum, let alone the lowest. The losses of networks have many minima and more saddles. In one dimension it looks like this: $f(x)=x^4-3x^2+x$ has its minima at $-1.301$ and $1.131$ and between them, at $0.170$, the watershed. Drag the start across it.
"""

# %% tags=["hide-input"]
well = lambda x: x**4 - 3 * x**2 + x
well_slope = lambda x: 4 * x**3 - 6 * x + 1


def watershed(start):
    fig, ax = plt.subplots()
    x = np.linspace(-2.1, 2, 300)
    way = gradient_descent(well_slope, start, 0.02, 60)
    ax.plot(x, well(x), color=plot.GREY, lw=1)
    ax.plot(way, well(way), ".-", color=plot.RED, lw=1)
    ax.plot(way[0], well(way[0]), "o", ms=8, mfc="white", mec=plot.RED)
    ax.set(xlabel="$x$", ylabel="$f$", ylim=(-4, 4),
           title=f"ends at {way[-1]:.3f} with f = {well(way[-1]):.3f}")
    return fig


explore(
    watershed, alt=
    "A double well with the path of gradient descent; starts left of the watershed reach the deep minimum, those right of it the shallow one",
    start=[-2.0, -1.0, 0.0, 0.16, 0.18, 0.6, 1.8])

# %%
roots = np.sort(np.roots([4, 0, -6, 1]).real)
verify("stationary points", roots, [-1.301, 0.170, 1.131], atol=5e-4)
verify("values at the two minima", well(roots[[0, 2]]), [-3.514, -1.070], atol=5e-4)
ends = [gradient_descent(well_slope, s, 0.02, 2000)[-1] for s in (0.169, 0.171)]
verify("starts at 0.169 and 0.171 end at", ends, roots[[0, 2]], atol=1e-8)

# %% [markdown]
"""
Noise helps off a knife's edge. [Above](#stationary-points) gradient descent from $(1,0)$ ran straight into the saddle and stayed. Add a thousandth of noise to each gradient and it leaves, to one minimum or the other. And on XOR, where all depends on the start, a good share of networks never learn.
"""

# %%
rng, p = np.random.default_rng(28), np.tile([1.0, 0.0], (200, 1))
for _ in range(400):  # 200 noisy runs at once
    p = p - 0.1 * (np.c_[2 * p[:, 0], -2 * p[:, 1] + p[:, 1]**3] +
                   1e-3 * rng.normal(size=p.shape))
verify("with noise every run leaves the saddle: |y|", abs(p[:, 1]),
       np.full(200, np.sqrt(2)), atol=0.1)
verify_within_se("… half of them to each side: mean sign of y", np.sign(p[:, 1]), 0.0)
share = np.mean(xor_losses > 0.1)
verify_at_least("XOR: share of 50 starts stuck above loss 0.1", share, 0.05)
verify_at_most("… though most succeed", share, 0.5)

# %% [markdown]
r"""
(subgradient)=
### Corners

Where $f$ has a corner there is no tangent, but there may be many lines that touch from below. For convex $f$ their slopes form the *subdifferential*

$$
\partial f(x)=\{g:f(y)\ge f(x)+g^\top(y-x)\text{ for all }y\}.
$$ (eq-subdifferential)

Each member is a *subgradient*. Where $f$ is differentiable there is exactly one, $\nabla f(x)$; and $x$ is a minimiser if and only if $0\in\partial f(x)$, for then the inequality reads $f(y)\ge f(x)$. We find the slopes by trying all of them.
"""

# %%
def subdifferential(f, x):
    """Smallest and largest slope on a grid of step 0.001 whose line stays below f."""
    y = np.linspace(-3, 3, 2001)
    slopes = np.arange(-2000, 2001) / 1000
    below = (f(y) >= f(x) + slopes[:, None] * (y - x) - 1e-12).all(1)
    return slopes[below][[0, -1]]


relu = lambda x: np.maximum(0, x)
verify("∂|·|(0)", subdifferential(np.abs, 0.0), [-1.0, 1.0], atol=1e-3)
verify("∂max(0, ·)(0)", subdifferential(relu, 0.0), [0.0, 1.0], atol=1e-3)
verify("∂|·|(0.5), a single slope", subdifferential(np.abs, 0.5), [1.0, 1.0], atol=1e-3)
verify("∂max(0, ·)(−0.5), a single slope", subdifferential(relu, -0.5), [0.0, 0.0],
       atol=1e-3)

# %% [markdown]
r"""
Any subgradient will do for a step, if the steps shrink. Least absolute deviations, $\min_x\|Ax-b\|_1$, is full of corners; a linear program gives the exact optimum to compare with.
"""

# %%
rng = np.random.default_rng(29)
Al, bl = rng.normal(size=(40, 5)), rng.normal(size=40)
l1 = lambda x: abs(Al @ x - bl).sum()
# the same as a linear program: minimise Σ u subject to −u ≤ Ax − b ≤ u
lp = optimize.linprog(np.r_[np.zeros(5), np.ones(40)], A_ub=np.block(
    [[Al, -np.eye(40)], [-Al, -np.eye(40)]]), b_ub=np.r_[bl, -bl], bounds=(None, None))
x, lowest = np.zeros(5), np.inf
for t in range(1, 20_001):
    x = x - 0.05 / np.sqrt(t) * Al.T @ np.sign(Al @ x - bl)
    lowest = min(lowest, l1(x))
verify("subgradient descent against the linear program", lowest, lp.fun, atol=1e-2)
verify_at_least("… never below it", lowest, lp.fun, atol=1e-9)

# %% [markdown]
"""
(nondifferentiable-operations)=
ReLU, max-pooling, absolute values: networks are full of corners. They have measure zero, so a random iterate never sits on one, and if it does, a framework returns *some* slope. With a fixed step the iterate cannot settle at a corner: it hops in a band as wide as the step. Shrinking steps cure that.
"""

# %%
at_corner = {
    "relu": torch.relu, "abs": torch.abs,
    "max(x, 0) as a tie": lambda x: torch.maximum(x, torch.zeros(()))
}
chosen = [torch.func.grad(f)(torch.tensor(0.0)).item() for f in at_corner.values()]
verify("torch's slopes at 0 of relu, |·| and a tied maximum", chosen, [0.0, 0.0, 0.5],
       atol=1e-15)

eta, x = 0.1, np.pi  # an irrational start: the corner is never hit exactly
fixed, shrinking = [x], [x]
for t in range(1, 5001):
    fixed.append(fixed[-1] - eta * np.sign(fixed[-1]))
    shrinking.append(shrinking[-1] - eta / np.sqrt(t) * np.sign(shrinking[-1]))
verify_at_most("|x| with fixed steps: the last hundred iterates stay within η",
               max(abs(np.array(fixed[-100:]))), eta)
verify_at_least("… and hop: their range", np.ptp(fixed[-100:]), 0.99 * eta)
verify_at_most("with steps η/√t: distance at the end", abs(shrinking[-1]),
               2 * eta / np.sqrt(5000))

# %% [markdown]
r"""
:::{admonition} Corners are used as they are
:class: correction
**The notes say** that max and absolute value are in general not used, or replaced by something differentiable.

**Right is:** ReLU and max-pooling are among the most used operations of deep learning, corners included. Differentiability almost everywhere and a convention at the corner suffice.
:::

Where a corner does hurt, round it: $\sqrt{x^2+\varepsilon}$ lies within $\sqrt\varepsilon$ of $|x|$, and $\log\sum e^{x_i}$ within $\log n$ of the maximum.
"""

# %%
x = np.linspace(-2, 2, 4001)
verify("largest distance of √(x² + 10⁻⁴) from |x|",
       np.max(np.sqrt(x**2 + 1e-4) - abs(x)), 1e-2, rtol=1e-6)
ties = np.tile(np.random.default_rng(30).normal(size=(100, 1)),
               (1, 8))  # all equal: the worst case
verify("largest distance of logsumexp from the maximum of 8",
       np.max(logsumexp(ties) - ties.max(1)), np.log(8), rtol=1e-9)

# %% [markdown]
r"""

(continuation-method)=
### Melting the landscape

A *continuation method* starts from an easy version of the problem and deforms it into the real one, following the minimiser along. For $f(x)=\frac1{10}x^2-\cos3x$ the easy version is $f$ blurred by a Gaussian of width $s$: up to a constant, $\frac1{10}x^2-e^{-9s^2/2}\cos3x$. Lower $s$ from $2$ and watch the dot.
"""

# %% tags=["hide-input"]
def blurred_slope(x, s):
    return 0.2 * x + 3 * np.exp(-4.5 * s**2) * np.sin(3 * x)


widths = [2.0, 0.9, 0.7, 0.6, 0.5, 0.4, 0.3, 0.0]
x, tracked = 6.0, {}
for s in widths:
    x = tracked[s] = gradient_descent(lambda x: blurred_slope(x, s), x, 0.05, 400)[-1]


def melt(s):
    fig, ax = plt.subplots()
    x = np.linspace(-7, 7, 400)
    blurred = lambda x: 0.1 * x**2 - np.exp(-4.5 * s**2) * np.cos(3 * x)
    ax.plot(x, 0.1 * x**2 - np.cos(3 * x), color=plot.GREY, lw=0.8)
    ax.plot(x, blurred(x), color=plot.BLUE)
    ax.plot(tracked[s], blurred(tracked[s]), "o", ms=9, color=plot.RED)
    ax.set(xlabel="$x$", ylabel="$f_s$", ylim=(-1.2, 6))
    return fig


explore(
    melt, alt=
    "A wavy bowl and its blurred version; the tracked minimiser slides to the global minimum as the blur fades",
    s=widths)

# %%
direct = gradient_descent(lambda x: blurred_slope(x, 0.0), 6.0, 0.05, 2000)[-1]
verify_at_least("from 6 without blur: stuck at a value of",
                0.1 * direct**2 - np.cos(3 * direct), -0.9)
verify("by continuation: the global minimiser", tracked[0.0], 0.0, atol=1e-3)
blur = np.mean(
    [np.cos(3 * (1 + 0.5 * e)) for e in np.random.default_rng(31).normal(size=200_000)])
verify("the blur of cos 3x at 1 with s = 0.5, by sampling", blur,
       np.exp(-4.5 * 0.25) * np.cos(3), atol=5e-3)

# %% [markdown]
r"""
(why-gradient-descent)=
### Why bother when there is a formula?

Least squares has a closed form, so why walk? First, because almost nothing else has one: the update $\theta_i\leftarrow\theta_i-\eta\,\partial\ell/\partial\theta_i$ asks only for slopes, of any loss, in any number of parameters. Second, because one rarely wants the exact optimum. With $n$ data and $p$ parameters, forming and solving $X^\top Xw=X^\top y$ costs about $np^2+p^3/3$ multiplications, a gradient step $2np$.
"""

# %%
rng = np.random.default_rng(32)
n_big, p_big = 20_000, 400
Xb = rng.normal(size=(n_big, p_big))
yb = Xb @ rng.normal(size=p_big) + rng.normal(size=n_big)
Gram = Xb.T @ Xb / n_big
fitted = Xb @ np.linalg.solve(Gram, Xb.T @ yb / n_big)
mu_b, L_b = np.linalg.eigvalsh(Gram)[[0, -1]]
w, steps = np.zeros(p_big), 0
while np.linalg.norm(Xb @ w - fitted) > 1e-3 * np.linalg.norm(fitted):
    w, steps = w - 2 / (L_b + mu_b) * Xb.T @ (Xb @ w - yb) / n_big, steps + 1
verify_at_most("gradient steps to 0.1 % of the exact prediction", steps, 50)
cost = steps * 2 * n_big * p_big / (n_big * p_big**2 + p_big**3 / 3)
verify_at_most("their multiplications over those of the closed form", cost, 0.1)

# %% [markdown]
"""
Third, because the formula can be *worse*. Polynomial features have condition numbers in the millions, the normal equations square them, and the inverse drowns in rounding. Gradient descent, stopped early, never enters the bad directions.
"""

# %%
t = np.linspace(-1, 1, 200)
Xv = t[:, None]**np.arange(22)
truth = np.sin(3 * t)
target = truth + 0.1 * np.random.default_rng(33).normal(size=200)
verify_at_least("condition number of the features", np.linalg.cond(Xv), 1e7)
exact = np.linalg.lstsq(Xv, truth, rcond=None)[0]
by_inverse = np.linalg.inv(Xv.T @ Xv) @ (Xv.T @ truth)
verify_at_least("relative error of the inverted normal equations",
                np.linalg.norm(by_inverse - exact) / np.linalg.norm(exact), 1e-3)
w, L_v = np.zeros(22), np.linalg.eigvalsh(Xv.T @ Xv)[-1]
for _ in range(20_000):
    w = w - Xv.T @ (Xv @ w - target) / L_v
verify_at_most("early-stopped gradient descent: distance to the truth, noise 0.1",
               np.sqrt(np.mean((Xv @ w - truth)**2)), 0.1)

# %% [markdown]
r"""
## Momentum

(momentum)=
Back to the two balls. The zigzag across the valley is a waste that alternates in sign; the creep along it adds up. So remember: keep a velocity, let friction $\beta$ wear it down, and let the gradient push it,

$$
v_{t+1}=\beta v_t-\eta\nabla f(\theta_t),\qquad\theta_{t+1}=\theta_t+v_{t+1},\qquad v_0=0,\;0\le\beta<1.
$$ (eq-momentum)

Opposite pushes cancel, aligned ones accumulate. This is Polyak's *heavy ball* (1964); eliminating $v$ gives the one-line form $\theta_{t+1}=\theta_t-\eta\nabla f(\theta_t)+\beta(\theta_t-\theta_{t-1})$ from the first page.
"""

# %%
def heavy_ball(grad, x, eta, beta, steps):
    """Every iterate, shape (steps + 1, d)."""
    way, v = [np.asarray(x, float)], 0.0
    for _ in range(steps):
        v = beta * v - eta * grad(way[-1])
        way.append(way[-1] + v)
    return np.array(way)


lam = np.array([1.0, 100.0])
way = heavy_ball(lambda x: lam * x, [1.0, 1.0], 0.01, 0.8, 100)
line = [np.ones(2), np.ones(2)]
for _ in range(100):
    line.append(line[-1] - 0.01 * lam * line[-1] + 0.8 * (line[-1] - line[-2]))
verify("the one-line form is the same", np.array(line[1:]), way, atol=1e-12)

w = torch.ones(2, requires_grad=True)
sgd = torch.optim.SGD([w], lr=0.01, momentum=0.8)
for _ in range(100):
    sgd.zero_grad()
    (0.5 * (torch.tensor(lam) * w**2).sum()).backward()
    sgd.step()
verify("100 steps of torch.optim.SGD with momentum", w, way[-1], atol=1e-12)
verify("β = 0 is gradient descent",
       heavy_ball(lambda x: lam * x, [1.0, 1.0], 0.01, 0.0, 50),
       gradient_descent(lambda x: lam * x, [1.0, 1.0], 0.01, 50), atol=1e-14)

# %% [markdown]
r"""
Now save the valley that no learning rate could: $\kappa=40$, forty steps. Start at $\beta=0$ and raise it. Too little friction, and the ball swings past; somewhere before, it arrives.
"""

# %% tags=["hide-input"]
def roll(beta, fraction_of_limit):
    lam = np.array([1.0, 40.0])
    way = heavy_ball(lambda x: lam * x, [9.0, 1.2], fraction_of_limit * 2 / 40, beta,
                     40)
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    plot.contours(ax, lambda x, y: 0.5 * (x**2 + 40 * y**2), (-10, 10), (-2.2, 2.2),
                  np.geomspace(0.2, 180, 9))
    plot.path(ax, way)
    distance = np.linalg.norm(way[-1]) / np.linalg.norm(way[0])
    ax.set(xlabel="$x_1$", ylabel="$x_2$",
           title=f"distance left after 40 steps: {distance:.1e}")
    return fig


explore(
    roll, alt=
    "Forty steps of heavy ball in a narrow valley: with little momentum it zigzags and creeps, with more it rolls along the floor, with too much it overshoots",
    beta=[0.0, 0.4, 0.6, 0.8, 0.9, 0.95], fraction_of_limit=[0.3, 0.8])

# %% [markdown]
r"""
How much can be gained? Along an eigenvector the one-line form is $x_{t+1}=(1+\beta-\eta\lambda)x_t-\beta x_{t-1}$, a linear recurrence whose solutions are powers $r^t$ with

$$
r^2-(1+\beta-\eta\lambda)\,r+\beta=0 .
$$ (eq-characteristic)

The product of the two roots is $\beta$. If they are complex, both have size $\sqrt\beta$, *whatever $\lambda$ is*: the steep and the flat direction converge equally fast. They are complex when $(1-\sqrt\beta)^2<\eta\lambda<(1+\sqrt\beta)^2$. So choose $\beta$ as small as possible while the whole spectrum $[\mu,L]$ fits: $\eta\mu=(1-\sqrt\beta)^2$ and $\eta L=(1+\sqrt\beta)^2$. Divide and solve:

$$
\sqrt\beta=\frac{\sqrt\kappa-1}{\sqrt\kappa+1},\qquad\eta=\Bigl(\frac2{\sqrt L+\sqrt\mu}\Bigr)^2 .
$$ (eq-heavy-ball)

The rate is $\sqrt\beta$. Against [the best of gradient descent](#eq-best-step), $\kappa$ has become $\sqrt\kappa$: for $\kappa=100$, a factor $9/11$ each step instead of $99/101$. Here are the steps of the opening picture, and what the roots say at every $\lambda$.
"""

# %%
def count(eta, beta, tol=1e-8):
    return len(distances(eta, beta, tol=tol)) - 1  # of the first page: κ = 100


verify("gradient descent, η = 1/L", count(0.01, 0), 1833)
verify("gradient descent, η = 2/(L + μ)", count(2 / 101, 0), 939)
verify("heavy ball", count((2 / 11)**2, (9 / 11)**2), 119)
verify_at_least("steps saved: 939/119",
                count(2 / 101, 0) / count((2 / 11)**2, (9 / 11)**2), 5.0)

eta_best, beta_best = (2 / 11)**2, (9 / 11)**2
spectrum = np.linspace(1, 100, 50)[1:-1]
roots = np.array(
    [np.roots([1, -(1 + beta_best - eta_best * l), beta_best]) for l in spectrum])
verify("inside the spectrum every root has size √β", abs(roots), np.full(
    (48, 2), 9 / 11), rtol=1e-6)
r1, r2 = np.roots([1, -(1 + beta_best - eta_best * 50), beta_best])  # at λ = 50
c1 = (1 - eta_best * 50 - r2) / (r1 - r2)  # from x₀ = 1 and x₁ = 1 − ηλ
by_roots = [(c1 * r1**t + (1 - c1) * r2**t).real for t in range(30)]
verify("the powers of the roots are the path", by_roots,
       heavy_ball(lambda x: 50 * x, 1.0, eta_best, beta_best, 29), atol=1e-12)

# %% [markdown]
r"""
:::{admonition} Three slips about momentum
:class: correction
**The notes say** that $\beta\in[0,1]$, that the velocity is an exponential moving average, and (elsewhere) write the combined update with the gradient at the new point.

**Right is:** $\beta=1$ has no friction and never settles; the velocity is a geometric *sum*, with no factor $1-\beta$, so the effective step is $\eta/(1-\beta)$; and the gradient is taken at the current point $x^{(t)}$, or the method would be implicit.
:::
"""

# %%
frictionless = heavy_ball(lambda x: lam * x, [1.0, 1.0], 0.01, 1.0, 3000)
verify_at_least("β = 1: largest distance in the last thousand of 3000 steps",
                np.linalg.norm(frictionless[-1000:], axis=1).max(), 1.0)

# %% [markdown]
r"""
(momentum-terminal-velocity)=
### Terminal velocity

On a constant slope $g$ the velocity is the geometric sum $-\eta g(1+\beta+\beta^2+\dots)$ and tends to $\frac{\eta\|g\|}{1-\beta}$: with $\beta=0.9$, ten times the plain step. If the gradient alternates in sign, the sum alternates too, and the step shrinks to $\frac{\eta\|g\|}{1+\beta}$. Momentum is an amplifier for directions that agree. Raise $\beta$ and compare the two; note also that a heavier ball takes longer to get up to speed.
"""

# %% tags=["hide-input"]
def speeds(signs, eta, beta, g=5.0):
    v, out = 0.0, []
    for sign in signs:
        v = beta * v - eta * sign * g
        out.append(abs(v))
    return np.array(out)


steady, flipping = np.ones(300), (-1.0)**np.arange(300)
verify("constant gradient, β = 0.9: the step tends to η‖g‖/(1 − β)",
       speeds(steady, 0.1, 0.9)[-1], 5.0, atol=1e-10)
verify("alternating gradient: to η‖g‖/(1 + β)",
       speeds(flipping, 0.1, 0.9)[-1], 0.5 / 1.9, atol=1e-10)


def velocity(beta):
    fig, ax = plt.subplots()
    for signs, colour, name in ((steady, plot.RED, "constant gradient"),
                                (flipping, plot.BLUE, "alternating gradient")):
        ax.plot(speeds(signs, 0.1, beta)[:60], color=colour, label=name)
    ax.axhline(0.5, color=plot.GREY, lw=1, ls=":", label="plain step")
    ax.set(xlabel="step", ylabel="length of the step", ylim=(0, 10),
           title=f"amplified {1 / (1 - beta):.1f}-fold, damped to {1 / (1 + beta):.2f}")
    ax.legend()
    return fig


explore(
    velocity, alt=
    "Step length of momentum on a constant and on an alternating gradient, against the plain step",
    beta=[0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95])

# %% [markdown]
r"""
(momentum-escapes-small-minima)=
### Through small dips

A ball with speed rolls over small bumps. Is that a virtue? On $f(x)=\frac12x^2+0.3\cos8x$, whose two global minima sit at $\pm0.373$, we count over a hundred starts how often it ends in one of them.
"""

# %%
dips_slope = lambda x: x - 2.4 * np.sin(8 * x)
global_min = optimize.minimize_scalar(lambda x: x**2 / 2 + 0.3 * np.cos(8 * x),
                                      bounds=(0.2, 0.6), method="bounded",
                                      options={"xatol": 1e-10}).x
verify("the global minimiser", global_min, 0.373, atol=5e-4)
verify("from 4, gradient descent stops in the dip at",
       gradient_descent(dips_slope, 4.0, 0.01, 3000)[-1], 1.85, atol=5e-3)
verify("from 4, β = 0.9 ends at", abs(heavy_ball(dips_slope, 4.0, 0.01, 0.9, 3000)[-1]),
       global_min, atol=1e-6)

# %%
starts = np.linspace(-5, 5, 101)
success = {
    b: np.mean(
        abs(abs(heavy_ball(dips_slope, starts, 0.01, b, 3000)[-1]) - global_min) < 1e-3)
    for b in (0.0, 0.9, 0.95)
}
verify("share of starts ending in a global minimum, β = 0, 0.9, 0.95",
       list(success.values()), [0.16, 0.81, 0.65], atol=0.015)

# %% [markdown]
r"""
Helpful, and not monotone: with $\beta=0.95$ the ball rolls through the deep dips as well. An empirical benefit, not a guarantee.

(nesterov-momentum)=
### Looking ahead

The heavy ball measures the slope where it stands, then moves on with its velocity. Nesterov (1983) measures where the velocity is about to carry it:

$$
\vartheta=\theta_t+\beta(\theta_t-\theta_{t-1}),\qquad\theta_{t+1}=\vartheta-\eta\nabla f(\vartheta).
$$ (eq-nesterov)

The same $\beta=\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$ with $\eta=1/L$ contracts by $1-\frac1{\sqrt\kappa}$, a little slower than the heavy ball on quadratics, but for *every* strongly convex function. For merely convex ones the schedule $\beta_t=\frac t{t+3}$ gives $f(x_t)-f^*\le\frac{2L\|x_0-x^*\|^2}{(t+1)^2}$, against $1/t$ before.
"""

# %%
def nesterov(grad, x, eta, beta, steps):
    """Every iterate, shape (steps + 1, d); beta is a number or a function of the step."""
    way = [np.asarray(x, float)] * 2
    for t in range(steps):
        ahead = way[-1] + (beta(t) if callable(beta) else beta) * (way[-1] - way[-2])
        way.append(ahead - eta * grad(ahead))
    return np.array(way[1:])


way = nesterov(lambda x: lam * x, [1.0, 1.0], 0.01, 9 / 11, 400)
steps = int(np.argmax(np.linalg.norm(way, axis=1) < 1e-8))
verify("κ = 100, to distance 1e-8: steps", steps, 204)
verify_at_least("gradient descent with the same η takes more: 1833/204", 1833 / steps,
                5.0)

w = torch.ones(2, requires_grad=True)
sgd = torch.optim.SGD([w], lr=0.01, momentum=9 / 11, nesterov=True)
for _ in range(100):
    sgd.zero_grad()
    (0.5 * (torch.tensor(lam) * w**2).sum()).backward()
    sgd.step()
ahead = way[100] + 9 / 11 * (way[100] - way[99])  # torch stores the look-ahead point
verify("100 steps of torch.optim.SGD with nesterov=True", w, ahead, atol=1e-8)

# %%
flat, x0 = np.array([1.0, 0.1, 0.01, 1e-3, 0.0]), np.ones(5)
way = nesterov(lambda x: flat * x, x0, 1.0, lambda t: t / (t + 3), 1000)
gap = 0.5 * (way**2 * flat).sum(1)
t = np.arange(1001)
verify_at_most("convex with flat directions: gap against 2L‖x₀−x*‖²/(t+1)²", gap,
               2 * 4 / (t + 1)**2)

# %% [markdown]
r"""
:::{admonition} Two points, two names
:class: correction
**The notes** write look-ahead point and new iterate with the same symbol $\theta^{t+1}$, and mix two parametrisations.

**Right is** [the pair above](#eq-nesterov), or equivalently with a velocity $v_t=\beta v_{t-1}-\eta\nabla\mathcal R(\theta_{t-1}+\beta v_{t-1})$, $\theta_t=\theta_{t-1}+v_t$.
:::
"""

# %%
x, v = np.ones(2), np.zeros(2)
for _ in range(50):
    v = 9 / 11 * v - 0.01 * lam * (x + 9 / 11 * v)
    x = x + v
verify("the velocity form takes the same path", x,
       nesterov(lambda x: lam * x, [1.0, 1.0], 0.01, 9 / 11, 50)[-1], atol=1e-13)
repeated = np.ones(2)
for _ in range(50):  # with one symbol for both points the memory is lost
    repeated = repeated - 0.01 * lam * repeated
verify_at_least("confusing the two points loses the acceleration: distances at step 50",
                np.linalg.norm(repeated) / np.linalg.norm(x), 10.0)

# %% [markdown]
"""
A picture can tell a momentum step from a plain one: [a plain step leaves its contour at a right angle](#gradient-orthogonal-to-level-set). Here are the angles between a step and the contour it starts on.
"""

# %% mystnb={"image": {"alt": "Histogram of the angle between a step and the contour it leaves: always 90 degrees for gradient descent, spread from 0 to 90 for momentum."}} tags=["hide-input"]
def angles_to_contour(way, lam):
    step, normal = np.diff(way, axis=0), (way * lam)[:-1]
    cosine = ((step * normal).sum(1) / np.linalg.norm(step, axis=1) /
              np.linalg.norm(normal, axis=1))
    return np.degrees(np.arcsin(np.clip(abs(cosine), 0, 1)))


mild = np.array([1.0, 20.0])
plain_angles = angles_to_contour(
    gradient_descent(lambda x: mild * x, [9.0, 1.2], 0.08, 60), mild)
heavy_angles = angles_to_contour(
    heavy_ball(lambda x: mild * x, [9.0, 1.2], 0.05, 0.8, 60), mild)
plt.hist([plain_angles, heavy_angles], bins=np.arange(0, 95, 7.5),
         color=[plot.BLUE, plot.RED], label=["gradient descent", "momentum"])
plt.xlabel("angle between step and contour, degrees")
plt.ylabel("steps")
plt.legend()
plt.show()

# %%
verify("gradient descent: every step at a right angle", plain_angles, np.full(60, 90.0),
       atol=1e-5)
verify_at_most("momentum: median angle", np.median(heavy_angles), 70.0)

# %% [markdown]
r"""
(unrolled-gradient-methods)=
### Everything is a weighted sum of gradients

Unroll the recursion. After $T$ steps every method of this chapter stands at

$$
x_T=x_0-\eta\sum_{i=0}^{T-1}\Gamma_i\,\nabla f(x_i) .
$$ (eq-unrolled)

For gradient descent $\Gamma_i=1$. For momentum the gradient of step $i$ still pushes in all later steps, $\Gamma_i=1+\beta+\dots+\beta^{T-1-i}=\frac{1-\beta^{T-i}}{1-\beta}$. With diagonal matrices $\Gamma_i$ the formula also covers the adaptive methods [below](#adaptive-learning-rates), where $\Gamma_i$ depends on the gradients seen so far. We record the gradients of one run each and rebuild the end point.
"""

# %%
way = heavy_ball(lambda x: lam * x, [1.0, 1.0], 0.005, 0.9, 20)
gamma = (1 - 0.9**(20 - np.arange(20))) / (1 - 0.9)
verify("momentum rebuilt from its 20 gradients",
       way[0] - 0.005 * gamma @ (way[:-1] * lam), way[-1], atol=1e-14)

# %%
for name, optimiser in {"AdaGrad": torch.optim.Adagrad,
                        "RMSProp": torch.optim.RMSprop}.items():
    w = torch.tensor([1.0, 1.0], requires_grad=True)
    opt, grads, points = optimiser([w], lr=0.05), [], [w.detach().clone()]
    for _ in range(20):
        opt.zero_grad()
        (0.5 * (torch.tensor(lam) * w**2).sum()).backward()
        opt.step()
        grads.append(w.grad.clone())
        points.append(w.detach().clone())
    grads, points = torch.stack(grads), torch.stack(points)
    Gamma = (-(points[1:] - points[:-1]) / grads / 0.05
             )  # one diagonal for each step, (20, 2)
    verify(f"{name} rebuilt from its 20 gradients",
           points[0] - 0.05 * (Gamma * grads).sum(0), points[-1], atol=1e-13)
    verify_at_least(f"… its Γ differs between the coordinates by a factor of",
                    (Gamma[:, 0] / Gamma[:, 1]).median(), 10.0)

# %% [markdown]
r"""
(headline-rates)=
## The headline: rates, predicted and measured

Three methods, three condition numbers, nine predictions:

| method | step and momentum | factor per step |
|---|---|---|
| gradient descent | $\eta=\frac2{L+\mu}$ | $\frac{\kappa-1}{\kappa+1}$ |
| heavy ball | $\sqrt\beta=\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$, $\eta=\bigl(\frac2{\sqrt L+\sqrt\mu}\bigr)^2$ | $\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$ |
| Nesterov | $\beta=\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$, $\eta=\frac1L$ | $1-\frac1{\sqrt\kappa}$ |

A factor such as $0.998$ agrees with almost anything to two per cent, so we compare what it costs: the number of steps to shrink the error by a factor $e$, that is, $-1/\log(\text{factor})$. Each method runs on a quadratic with a random spectrum in $[1,\kappa]$; the slope is read off the second half of the run.
"""

# %%
def measured_rate(method, kappa, predicted):
    """Steps per factor e, from the second half of a run on a random spectrum in [1, κ]."""
    rng = np.random.default_rng(34)
    lam = np.r_[1.0, rng.uniform(1, kappa, 4), kappa]
    steps = int((60 if method is gradient_descent else 500) *
                predicted)  # down to e^-60 or e^-500
    settings = {
        gradient_descent: (2 / (kappa + 1), ),
        heavy_ball: ((2 / (np.sqrt(kappa) + 1))**2,
                     ((np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1))**2),
        nesterov: (1 / kappa, (np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1))
    }[method]
    way = method(lambda x: lam * x, rng.normal(size=6), *settings, steps)
    size = abs(way).max(1)  # not the Euclidean norm: its squares would underflow
    return (steps - steps // 2) / np.log(size[steps // 2] / size[-1])


# %%
factors = {
    gradient_descent: lambda k: (k - 1) / (k + 1), heavy_ball: lambda k:
    (np.sqrt(k) - 1) / (np.sqrt(k) + 1), nesterov: lambda k: 1 - 1 / np.sqrt(k)
}
predicted = np.array(
    [[-1 / np.log(factor(k)) for k in (10, 100, 1000)] for factor in factors.values()])
measured = np.array([[measured_rate(m, k, p) for k, p in zip((10, 100, 1000), row)]
                     for m, row in zip(factors, predicted)])
headline(
    "Steps per factor e of gradient descent, heavy ball and Nesterov at κ = 10, 100, 1000, against theory",
    measured, predicted, rtol=0.02, unit="steps")

# %% mystnb={"image": {"alt": "Steps per factor e against the condition number, double logarithmic: gradient descent with slope 1, heavy ball and Nesterov with slope one half, measured dots on predicted lines."}} tags=["hide-input"]
k = np.geomspace(8, 1300, 50)
for (method, factor), row, colour in zip(factors.items(), measured,
                                         (plot.BLUE, plot.RED, plot.GREEN)):
    plt.loglog(k, -1 / np.log(factor(k)), color=colour, lw=1,
               label=method.__name__.replace("_", " "))
    plt.loglog((10, 100, 1000), row, "o", color=colour)
plt.xlabel(r"condition number $\kappa$")
plt.ylabel("steps per factor $e$")
plt.legend()
plt.show()

# %% [markdown]
r"""
Can a cleverer method do better still? No. Nesterov built a quadratic, a chain of springs pulled at one end, on which *every* method that combines the gradients seen so far is helpless: after $t$ gradients only the first $t$ links of the chain can have moved, and the solution $x^*_i=q^i$ with $q=\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$ still has the rest of its length ahead, so

$$
\|x_t-x^*\|\ge q^t\,\|x_0-x^*\|,
$$ (eq-lower-bound)

hence $O(\sqrt\kappa\log\frac1\epsilon)$ steps are needed. We let four methods loose on the chain, with conjugate gradients, the best possible one for quadratics, among them.
"""

# %%
kappa, links = 100.0, 300
q_ = (np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)
T = 2 * np.eye(links) - np.eye(links, k=1) - np.eye(links, k=-1)
T[-1, -1] = (np.sqrt(kappa) + 3) / (np.sqrt(kappa) + 1
                                    )  # ends the chain as if it went on for ever
chain, pull = ((kappa - 1) / 4 * T + np.eye(links), np.r_[(kappa - 1) / 4,
                                                          np.zeros(links - 1)])
x_star = q_**np.arange(1, links + 1)
verify("the solution of the chain is qⁱ", np.linalg.solve(chain, pull), x_star,
       atol=1e-10)


# %%
def conjugate_gradients(grad, x, steps):
    way, r = [x], -grad(x)
    d = r
    for _ in range(steps):
        alpha = r @ r / (d @ chain @ d)
        way.append(way[-1] + alpha * d)
        new = r - alpha * (chain @ d)
        d, r = new + new @ new / (r @ r) * d, new
    return np.array(way)


# %%
pull_grad, zero, t = lambda x: chain @ x - pull, np.zeros(links), np.arange(121)
runs = {
    "gradient descent": gradient_descent(pull_grad, zero, 2 / (kappa + 1), 120),
    "heavy ball": heavy_ball(pull_grad, zero, (2 / (np.sqrt(kappa) + 1))**2,
                             q_**2, 120), "Nesterov": nesterov(
                                 pull_grad, zero, 1 / kappa, q_,
                                 120), "conjugate gradients": conjugate_gradients(
                                     pull_grad, zero, 120)
}
errors = {
    name: np.linalg.norm(way - x_star, axis=1) / np.linalg.norm(x_star)
    for name, way in runs.items()
}
excess = {name: error / q_**t for name, error in errors.items()}
for name, factor in excess.items():
    verify_at_least(f"{name}: error at every step, over the lower bound", factor,
                    np.ones(121), atol=1e-9)
verify_at_most("conjugate gradients stay within a constant of the bound",
               excess["conjugate gradients"].max(), 1.5)
speed = {name: np.log(error[60] / error[120]) / 60 for name, error in errors.items()}
verify("steps of Nesterov over steps of heavy ball",
       speed["heavy ball"] / speed["Nesterov"],
       np.log(q_) / np.log(1 - 1 / np.sqrt(kappa)), rtol=0.05)

# %% mystnb={"image": {"alt": "Relative error of four methods on the chain, logarithmic, all above the dashed lower bound; heavy ball and conjugate gradients run along it, Nesterov has half its slope, gradient descent stays far above."}} tags=["hide-input"]
for (name, error), colour in zip(errors.items(),
                                 (plot.BLUE, plot.RED, plot.GREEN, plot.PURPLE)):
    plt.semilogy(t, error, color=colour, label=name)
plt.semilogy(t, q_**t, "--", color=plot.GREY, label="lower bound")
plt.xlabel("gradient evaluations")
plt.ylabel("relative error")
plt.legend(ncols=2)
plt.show()

# %% [markdown]
r"""
Heavy ball and conjugate gradients lie on the dashed line: they cannot be improved. Nesterov's method takes twice as many steps, the price of working on every convex function, but still $\sqrt\kappa$ of them. Among methods that use gradients only, the square root is the end of the road. One line of code bought all there was.
"""
# %% [markdown]
r"""
## With noise

(stochastic-gradient-descent)=
### A step for the price of one example

A training loss is a mean over examples, $\mathcal R=\frac1n\sum_i\ell_i$, and its gradient costs $n$ times the gradient of one. *Stochastic gradient descent* pays for $m\ll n$ of them: draw a random mini-batch $B$ and step along its mean,

$$
\theta\leftarrow\theta-\eta_t\,\frac1m\sum_{i\in B}\nabla\ell_i(\theta).
$$ (eq-sgd)

The direction is noisy, its price independent of $n$. Softmax regression on the digits, from scratch:
"""

# %%
Xs = np.c_[digits.X_train, np.ones(1400)]  # (1400, 65)
Xs_test = np.c_[digits.X_test, np.ones(397)]
onehot = np.eye(10)[digits.y_train]  # (1400, 10)


def softmax_slope(W, X, Y):
    """Gradient of the mean cross-entropy of a softmax regression, (65, 10)."""
    scores = X @ W
    p = np.exp(scores - scores.max(1, keepdims=True))
    return X.T @ (p / p.sum(1, keepdims=True) - Y) / len(X)


def accuracy(W):
    return np.mean((Xs_test @ W).argmax(1) == digits.y_test)


# %%
rng, W, updates = np.random.default_rng(35), np.zeros((65, 10)), 0
for epoch in range(20):
    order = rng.permutation(1400)
    for first in range(0, 1400, 32):
        batch = order[first:first + 32]
        W, updates = W - 0.5 * softmax_slope(W, Xs[batch], onehot[batch]), updates + 1
verify("updates an epoch: ⌈1400/32⌉", updates // 20, 44)
verify_at_least("test accuracy after 20 epochs", accuracy(W), 0.94)
probe = torch.tensor(W, requires_grad=True)
torch.nn.functional.cross_entropy(torch.tensor(Xs) @ probe, labels).backward()
verify("the gradient, against autograd", softmax_slope(W, Xs, onehot), probe.grad,
       atol=1e-12)

# %% [markdown]
r"""
Is a noisy step worth it? Count what is paid: gradients of single examples. On a linear regression with a thousand examples ($\kappa=20$), how many until the loss is within ten per cent of the optimum?
"""

# %%
rng = np.random.default_rng(36)
scales = np.sqrt(np.geomspace(1, 1 / 20, 10))
Xl = rng.normal(size=(1000, 10)) * scales
yl = Xl @ rng.normal(size=10) + 0.5 * rng.normal(size=1000)
w_best = np.linalg.lstsq(Xl, yl, rcond=None)[0]
best = 0.5 * np.mean((Xl @ w_best - yl)**2)


def paid(m, eta, rng):
    """Loss against single-example gradients paid, until 1.1 times the optimum is reached."""
    w, cost, curve = np.zeros(10), 0, []
    while not curve or curve[-1][1] > 1.1 * best:
        curve.append((cost, 0.5 * np.mean((Xl @ w - yl)**2)))
        batch = rng.integers(1000, size=m) if m < 1000 else slice(None)
        w = w - eta * Xl[batch].T @ (Xl[batch] @ w - yl[batch]) / m
        cost += m
    return np.array(curve)


L_l = np.linalg.eigvalsh(Xl.T @ Xl / 1000)[-1]
curves = {
    m: paid(m, eta, np.random.default_rng(37))
    for m, eta in ((1, 0.06), (16, 0.5), (1000, 1.9 / L_l))
}
for m in (1, 16):
    verify_at_least(
        f"batch {m}: times fewer sample gradients than full gradient descent",
        curves[1000][-1, 0] / curves[m][-1, 0], 5.0)

# %% mystnb={"image": {"alt": "Loss against gradients of single examples, logarithmic, for batch sizes 1, 16 and 1000; the small batches reach the optimum with far fewer gradients."}} tags=["hide-input"]
for (m, curve), colour in zip(curves.items(), (plot.RED, plot.GREEN, plot.BLUE)):
    plt.loglog(curve[:, 0] + 1, curve[:, 1], color=colour, lw=1.3, label=f"batch {m}")
plt.axhline(best, color=plot.GREY, ls=":", lw=1, label="optimum")
plt.xlabel("gradients of single examples")
plt.ylabel("training loss")
plt.legend()
plt.show()

# %% [markdown]
"""
Here is the walk itself, on a regression with two weights: same number of steps, growing batches. Note what the batch changes, and what it does not: the drift down the valley is there from the start; only the shaking fades.
"""

# %% tags=["hide-input"]
rng = np.random.default_rng(38)
X2 = rng.normal(size=(1000, 2)) * [1.0, 0.4]
y2 = X2 @ np.array([1.0, -1.5]) + rng.normal(size=1000)
H2 = X2.T @ X2 / 1000
w2 = np.linalg.solve(H2, X2.T @ y2 / 1000)


def shaking(batch_size):
    rng, way = np.random.default_rng(39), [np.array([-1.0, 1.0])]
    for _ in range(80):
        b = rng.permutation(1000)[:batch_size]
        way.append(way[-1] - 0.2 * X2[b].T @ (X2[b] @ way[-1] - y2[b]) / batch_size)
    fig, ax = plt.subplots(figsize=(6.8, 3.4))
    quad = lambda x, y: (0.5 * (H2[0, 0] * (x - w2[0])**2 + 2 * H2[0, 1] * (x - w2[0]) *
                                (y - w2[1]) + H2[1, 1] * (y - w2[1])**2))
    plot.contours(ax, quad, (-1.6, 2.6), (-2.6, 1.6), np.geomspace(0.02, 4, 9))
    plot.path(ax, way)
    ax.plot(*w2, "+", color=plot.BLUE, ms=14, mew=2)
    ax.set(xlabel="$w_1$", ylabel="$w_2$",
           title=f"80 steps, {80 * batch_size:,} gradients of single examples")
    return fig


explore(
    shaking, alt=
    "Eighty steps of SGD on an elongated bowl; the path shakes less the larger the batch",
    batch_size=[1, 4, 16, 64, 250, 1000])

# %% [markdown]
r"""
(sgd-gradient-is-unbiased)=
### Noisy, but right on average

:::{prf:theorem} Mini-batch gradients
:label: thm-unbiased
For a uniformly drawn batch of size $m$, $\mathbb E\,g_B=\nabla\mathcal R$, and with replacement

$$
\mathbb E\|g_B-\nabla\mathcal R\|^2=\frac1m\operatorname{tr}\operatorname{Cov}(\nabla\ell_i);
$$

without replacement the right side carries the factor $\frac{n-m}{n-1}$.
:::

(A mean of $m$ independent draws has the mean of one draw and $1/m$ of its variance. Drawn without replacement, each draw excludes the earlier ones, so two draws have covariance $-\frac1{n-1}\operatorname{Cov}$; at $m=n$ nothing is random any more.) To halve the noise, take four times the batch. With eight examples we can list all 56 batches of three and need no statistics at all.
"""

# %%
from itertools import combinations

rng = np.random.default_rng(40)
G8 = rng.normal(size=(8, 4))  # gradients of eight examples
batches = np.array([G8[list(b)].mean(0) for b in combinations(range(8), 3)])  # (56, 4)
covariance = np.cov(G8.T, bias=True) / 3 * (8 - 3) / (8 - 1)
verify("mean over all 56 batches = full gradient", batches.mean(0), G8.mean(0),
       atol=1e-12)
verify("their covariance = formula", np.cov(batches.T, bias=True), covariance,
       atol=1e-12)

G = rng.normal(size=(1000, 5)) * 5.0  # gradients of a thousand examples
trace = G.var(0).sum()
for m in (1, 10, 100):
    picks = rng.integers(1000, size=(4000, m))
    squared = ((G[picks].mean(1) - G.mean(0))**2).sum(1)
    verify_within_se(f"batch {m}: mean squared error = tr Cov/m", squared, trace / m)

# %% [markdown]
"""
*Uniformly* is the word that matters. A batch of a single class is not a small sample of the data but a large sample of something else:
"""

# %%
early = np.random.default_rng(41).normal(size=(65, 10)) * 0.1
full = softmax_slope(early, Xs, onehot).ravel()
cosine = lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b)
angle = lambda rows: np.degrees(
    np.arccos(cosine(softmax_slope(early, Xs[rows], onehot[rows]).ravel(), full)))
one_class = [angle(np.flatnonzero(digits.y_train == c)[:32]) for c in range(10)]
mixed = [angle(np.random.default_rng(c).permutation(1400)[:32]) for c in range(10)]
verify_at_least("batches of one class: smallest angle to the true gradient, degrees",
                min(one_class), 60.0)
verify_at_most("mixed batches of the same size: largest angle", max(mixed), 60.0)

# %% [markdown]
"""
:::{admonition} A cheaper step is not a faster method
:class: correction
**The notes say** that with $n=60{,}000$ and $m=10$ SGD is six thousand times faster.

**Right is:** an *update* is six thousand times cheaper; more and noisier ones are needed. [Above](#stochastic-gradient-descent) an update was a thousand times cheaper, and the gain in gradients far smaller.
:::
"""

# %%
gain = curves[1000][-1, 0] / curves[1][-1, 0]
verify_at_most("batch 1: gradients saved, though each update is 1000 times cheaper",
               gain, 1000 / 5)

# %% [markdown]
"""
(epoch-and-shuffling)=
An *epoch* is one sweep through the data. In a fixed order, say sorted by class, the last class seen overwrites the earlier ones. So: a new permutation every epoch.
"""

# %%
def one_epoch(order, eta=0.5):
    W = np.zeros((65, 10))
    for first in range(0, 1400, 32):
        b = order[first:first + 32]
        W = W - eta * softmax_slope(W, Xs[b], onehot[b])
    return W


shuffled = one_epoch(np.random.default_rng(42).permutation(1400))
by_class = one_epoch(np.argsort(digits.y_train, kind="stable"))
verify_at_most("test accuracy after the sorted epoch, against shuffled minus 15 points",
               accuracy(by_class),
               accuracy(shuffled) - 0.15)
says = (Xs_test @ by_class).argmax(1)
verify_at_least(
    "after the sorted epoch: share of all answers that are the last classes, 7 to 9",
    np.mean(says >= 7), 0.6)

# %% [markdown]
"""
(mini-batch-size)=
### How large a batch?

Small batches make the most of every example; large batches make the most of the hardware, which multiplies matrices faster than vectors. Train a small network with four batch sizes, each with a learning rate that suits it, and count what it takes to bring the training loss to 0.2 and the test accuracy to 95 %.
"""

# %%
import time

images_test, labels_test = torch.tensor(digits.X_test), torch.tensor(digits.y_test)


def fresh_mlp(seed):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.Tanh(),
                               torch.nn.Linear(32, 10))


# %%
def train_until(batch_size, eta, seed=0):
    """Epochs to training loss 0.2 and to 95 % test accuracy, and CPU seconds an example."""
    model, generator = fresh_mlp(seed), torch.Generator().manual_seed(seed)
    optimizer, epoch, reached, spent = (torch.optim.SGD(model.parameters(),
                                                        lr=eta), 0, {}, 0.0)
    while len(reached) < 2:
        epoch, start = epoch + 1, time.process_time()
        for b in torch.randperm(1400, generator=generator).split(batch_size):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images[b]), labels[b]).backward()
            optimizer.step()
        spent += time.process_time() - start
        with torch.no_grad():
            if torch.nn.functional.cross_entropy(model(images), labels) < 0.2:
                reached.setdefault("loss 0.2", epoch)
            if (model(images_test).argmax(1) == labels_test).double().mean() > 0.95:
                reached.setdefault("95 %", epoch)
    return reached, spent / (1400 * epoch)


# %%
rates = {1: 0.02, 8: 0.15, 64: 0.6, 512: 1.2}
outcome = {m: train_until(m, eta) for m, eta in rates.items()}
print("batch   epochs to loss 0.2   examples   epochs to 95 %   examples")
for m, (reached, _) in outcome.items():
    print(
        f"{m:5d}   {reached['loss 0.2']:18d}   {1400 * reached['loss 0.2']:8d}   {reached['95 %']:14d}   {1400 * reached['95 %']:8d}"
    )

# %%
seconds = {m: per_example for m, (_, per_example) in outcome.items()}
verify_at_least("examples to loss 0.2: batch 512 over batch 1",
                outcome[512][0]["loss 0.2"] / outcome[1][0]["loss 0.2"], 2.0)
verify("time an example: batch 64 is more than three times cheaper than batch 1",
       bool(seconds[1] / seconds[64] > 3), True)

# %% [markdown]
r"""
Batch 1 needs the fewest examples, and pays for each of them several times over in time. In between lies the usual compromise, tens to hundreds. Batches may overlap, and combine with momentum; like momentum, they end the right angle between step and contour.

(sgd-noise-floor)=
### It never quite stops

With a constant step the noise keeps pushing. How far? Take the simplest loss, $\ell_i=\frac12(\theta-\xi_i)^2$ with $\operatorname{Var}\xi=\sigma^2$: the update is $\theta_{t+1}=(1-\eta)\theta_t+\eta\,\xi_t$. In equilibrium the variance $V$ must reproduce itself, $V=(1-\eta)^2V+\eta^2\sigma^2$, so

$$
V=\frac{\eta}{2-\eta}\,\sigma^2 ,
$$ (eq-noise-floor)

divided by $m$ for batches of size $m$. This is the *noise floor*. The band is $\pm2\sqrt V$ as the formula predicts. Find two different ways to make it narrow; then look at what one of them costs at the beginning.
"""

# %% tags=["hide-input"]
def floor(eta, batch_size):
    rng, theta, way = np.random.default_rng(43), 6.0, [6.0]
    for _ in range(400):
        theta = theta - eta * (theta - rng.normal(size=batch_size).mean())
        way.append(theta)
    band = 2 * np.sqrt(eta / (2 - eta) / batch_size)
    fig, ax = plt.subplots()
    ax.axhspan(-band, band, color=plot.SKY, alpha=0.35, lw=0)
    ax.plot(way, color=plot.RED, lw=1)
    ax.set(xlabel="step", ylabel=r"$\theta$", ylim=(-3, 6.2),
           title=f"predicted standard deviation {band / 2:.3f}")
    return fig


explore(
    floor, alt=
    "SGD on a noisy parabola: a descent, then fluctuation inside the predicted band, which narrows with a smaller step or a larger batch",
    eta=[1.0, 0.5, 0.2, 0.05], batch_size=[1, 4, 32])

# %%
def stationary(eta, m, chains=400, burn=2000, steps=2000, seed=44):
    """Mean square of θ along each of many independent chains in equilibrium."""
    rng, theta, total = np.random.default_rng(seed), np.zeros(chains), 0.0
    for t in range(burn + steps):
        theta = theta - eta * (theta - rng.normal(size=chains) / np.sqrt(m))
        total = total + theta**2 * (t >= burn)
    return total / steps


for eta, m in ((0.5, 1), (0.1, 1), (0.01, 1), (0.1, 16)):
    measured = stationary(eta, m)
    verify_within_se(f"η = {eta}, batch {m}: variance around the minimum", measured,
                     eta / (2 - eta) / m)
    verify(f"… within five per cent of η/(2 − η)/m", measured.mean(),
           eta / (2 - eta) / m, rtol=0.05)

# %% [markdown]
r"""
(learning-rate-decay)=
### Schedules

A large step travels, a small one settles. So start large and decay, with a parameter $\rho$ that sets the pace:

| schedule | learning rate |
|---|---|
| linear, $t\le\tau$ | $(1-\frac t\tau)\,\eta_0+\frac t\tau\,\eta_\tau$ |
| inverse | $\eta_0/(1+\rho t)$ |
| exponential | $\eta_0\,e^{-\rho t}$ |

Below: left the schedules, right where each carries the noisy parabola from $\theta_0=6$. Raise $\rho$ until the exponential one stops short of the minimum.
"""

# %% tags=["hide-input"]
schedules = {
    "linear": lambda t, rho, eta0=0.3: np.where(t <= 1 / rho, (1 - t * rho) * eta0 + t *
                                                rho * eta0 / 100, eta0 / 100),
    "inverse": lambda t, rho, eta0=0.3: eta0 / (1 + rho * t),
    "exponential": lambda t, rho, eta0=0.3: eta0 * np.exp(-rho * t)
}


def decay(rho):
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2))
    t = np.arange(400)
    for (name, schedule), colour in zip(schedules.items(),
                                        (plot.BLUE, plot.GREEN, plot.RED)):
        rng, theta, way = np.random.default_rng(45), 6.0, []
        for eta in schedule(t, rho):
            theta = theta - eta * (theta - rng.normal())
            way.append(theta)
        left.plot(t, schedule(t, rho), color=colour, label=name)
        right.plot(t, way, color=colour, lw=1.2)
    left.set(xlabel="step", ylabel=r"$\eta_t$", ylim=(0, 0.31))
    left.legend()
    right.set(xlabel="step", ylabel=r"$\theta_t$", ylim=(-1.5, 6.2))
    return fig


explore(
    decay, alt=
    "Three schedules and the iterates they produce on a noisy parabola; a fast exponential decay stops above the minimum",
    rho=[0.002, 0.01, 0.02, 0.05, 0.1, 0.3])

# %%
t, rho = np.arange(60), 0.05
verify("end points of the three schedules",
       [float(s(x, rho)) for s in schedules.values() for x in (0, 20)],
       [0.3, 0.003, 0.3, 0.15, 0.3, 0.3 * np.exp(-1)], rtol=1e-12)
scheduler_of = {
    "linear": lambda o: torch.optim.lr_scheduler.LinearLR(
        o, start_factor=1.0, end_factor=0.01, total_iters=20),
    "inverse": lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda t: 1 /
                                                           (1 + rho * t)),
    "exponential": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, np.exp(-rho))
}

# %%
for name, make in scheduler_of.items():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler, seen = make(optimizer), []
    for _ in t:
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    verify(f"{name}: as torch's scheduler", np.array(seen), schedules[name](t, rho),
           atol=1e-6)

far = 6.0 * np.prod(
    1 - schedules["exponential"](np.arange(10_000), 0.3))  # no noise at all
verify("exponential steps have a finite sum η₀/(1 − e^−ρ)", schedules["exponential"](
    np.arange(10_000), 0.3).sum(), 0.3 / (1 - np.exp(-0.3)), rtol=1e-9)
verify_at_least("so with ρ = 0.3, even without noise, the walk ends short of 0, at",
                far, 1.5)

# %% [markdown]
r"""
(robbins-monro-conditions)=
How fast may the steps shrink? Robbins and Monro (1951) named the two sides: the steps must be able to reach any distance, and the noise they let in must die out,

$$
\sum_t\eta_t=\infty,\qquad\sum_t\eta_t^2<\infty .
$$ (eq-robbins-monro)

With $\eta_t=Ct^{-\alpha}$ that is exactly $\frac12<\alpha\le1$. Under smoothness the iterates then converge to the optimum of a convex problem, and to stationary points otherwise. A sum up to a million cannot prove divergence, but its growth from decade to decade can be compared with the integral $\int t^{-a}dt$, and a convergent sum with its known limit $\zeta(a)$.
"""

# %%
from scipy.special import zeta

t = np.arange(1.0, 1e6 + 1)
verify("Σ 1/t − ln T tends to Euler's constant", (1 / t).sum() - np.log(1e6), 0.577216,
       atol=1e-6)
rows = []

# %%
for name, alpha, meets in (("1/t", 1.0, True), ("t^(-3/4)", 0.75, True),
                           ("t^(-1/3)", 1 / 3, False), ("1/sqrt t", 0.5, False)):
    verdict = []
    for a in (alpha, 2 * alpha):
        partial, tail = (t**-a).sum(), (1e6**(1 - a) / (a - 1) if a > 1 else np.inf)
        if a > 1:
            verify(f"Σ t^−{a:.2f}: partial sum + tail = ζ({a:.2f})", partial + tail,
                   zeta(a), rtol=1e-5)
        else:
            growth = (np.log(10) if a == 1 else (1e6**(1 - a) - 1e5**(1 - a)) / (1 - a))
            verify(f"Σ t^−{a:.2f}: the last decade still adds", (t[100_000:]**-a).sum(),
                   growth, rtol=1e-4)
        verdict.append(np.isfinite(tail))
    verify(f"η_t = {name} meets both conditions", bool(not verdict[0] and verdict[1]),
           meets)
    rows.append((name, *("finite" if v else "infinite"
                         for v in verdict), "yes" if meets else "no"))

# %%
for row in [("schedule", "Ση_t", "Ση_t²", "Robbins–Monro"), *rows]:
    print("{:12s}{:12s}{:12s}{}".format(*row))

# %% [markdown]
r"""
:::{admonition} One over root t
:class: correction
**The notes say** that $\alpha_t=1/\sqrt t$ satisfies both conditions, and promise a local minimum for non-convex problems.

**Right is:** $\sum(1/\sqrt t)^2=\sum1/t=\infty$, as the last line of the table shows. Valid are $1/t$, or $t^{-\alpha}$ with $\frac12<\alpha\le1$; and the limit of a non-convex run is a stationary point.
:::

The step $1/t$ has a familiar face. On the noisy parabola it gives $\theta_t=\theta_{t-1}-\frac1t(\theta_{t-1}-\xi_t)$, the running mean: the best estimate there is.
"""

# %%
xi, theta, means = np.random.default_rng(46).normal(size=2000), 5.0, []
for step, x in enumerate(xi, 1):
    theta = theta - (theta - x) / step
    means.append(theta)
verify("SGD with η = 1/t is the running mean", np.array(means),
       np.cumsum(xi) / np.arange(1, 2001), atol=1e-12)

# %% [markdown]
r"""

(sgd-convergence-rates)=
### Why slow wins

The price of noise is the rate. With decaying steps the expected gap falls like $1/t$ for strongly convex and like $1/\sqrt t$ for convex problems, where full gradients had $\rho^t$ and $1/t$. Two cases are simple enough to know exactly: the mean, where $\mathbb E f-f^*=\frac{\sigma^2}{2t}$, and $|\theta|$ with noisy slopes.
"""

# %%
rng, theta, rough, at = np.random.default_rng(47), np.zeros(4000), np.zeros(4000), {}
for step in range(1, 10_001):
    noise = rng.normal(size=4000)
    theta = theta - (theta - noise) / step  # f = θ²/2, strongly convex, η = 1/t
    rough = rough - (np.sign(rough) + noise) / np.sqrt(
        step)  # f = |θ|, only convex, η = 1/√t
    if step in (10, 100, 1000, 10_000):
        at[step] = theta**2 / 2, abs(rough)
for step, (gap, _) in at.items():
    verify_within_se(f"mean of 4000 runs at t = {step}: gap = σ²/2t", gap,
                     1 / (2 * step))
logs = np.log([[k, v[1].mean()] for k, v in at.items() if k > 10])
verify("|θ|: the gap falls like 1/√t, slope",
       np.polyfit(*logs.T, 1)[0], -0.5, atol=0.05)
verify("… mean |θ_t| at t = 100, 1000, 10000", np.exp(logs[:, 1]),
       [0.098, 0.032, 0.010], rtol=0.06)

# %% [markdown]
r"""
So after enough steps full gradient descent is ahead by any factor. Does it matter? What we want is a small *test* error, and that falls no faster than about $1/n$ with the data, however well the training loss is minimised. On least squares: SGD with $\eta_t\sim1/t$ against full gradients, same number of passes.
"""

# %%
rng = np.random.default_rng(48)
truth = rng.normal(size=5)
spread = np.array([1.0, 1.0, 1.0, 0.7, 0.7])
Xt, Xe = rng.normal(size=(1000, 5)) * spread, rng.normal(size=(20_000, 5)) * spread
yt, ye = Xt @ truth + rng.normal(size=1000), Xe @ truth + rng.normal(size=20_000)
w_ls = np.linalg.lstsq(Xt, yt, rcond=None)[0]
train_gap = lambda w: (0.5 * np.mean((Xt @ w - yt)**2) - 0.5 * np.mean(
    (Xt @ w_ls - yt)**2))
test_error = lambda w: np.mean((Xe @ w - ye)**2)

w, gd_gap = np.zeros(5), []
for _ in range(20):  # 20 passes
    gd_gap.append(train_gap(w))
    w = w - Xt.T @ (Xt @ w - yt) / 1000
w_gd = w

# %%
runs, w, sgd_gap = 40, np.zeros((40, 5)), {}
for step in range(1, 20_001):  # 20 passes, forty runs at once
    i = rng.integers(1000, size=runs)
    x = Xt[i]
    w = w - 2 / (step + 20) * x * ((x * w).sum(1) - yt[i])[:, None]
    if step in (200, 600, 2000, 6000, 20_000):
        sgd_gap[step] = np.mean([train_gap(v) for v in w])
slope = np.polyfit(np.log(list(sgd_gap)), np.log(list(sgd_gap.values())), 1)[0]
verify("SGD: training gap falls like 1/t, log-log slope", slope, -1.0, atol=0.15)
drops = np.log(gd_gap[:15])
verify_at_least("gradient descent: straight on a semilog plot, correlation",
                -np.corrcoef(range(15), drops)[0, 1], 0.995)
verify_at_least("training gap of SGD over that of gradient descent",
                sgd_gap[20_000] / train_gap(w_gd), 1e4)
verify("test error of SGD over that of gradient descent",
       np.mean([test_error(v) for v in w]) / test_error(w_gd), 1.0, atol=0.05)

# %% [markdown]
r"""
A training gap tens of thousands of times smaller, and the same test error. Beyond the statistical error optimisation is wasted, and before it SGD is the fastest to get there.

:::{admonition} What independence of n does and does not say
:class: correction
**The notes say** that SGD does not depend on the number of examples, implying that it generalises better.

**Right is:** the cost of an *update* does not depend on $n$, which says nothing about generalisation. There is an argument, but it needs fresh samples: a single pass minimises the expected risk directly. On many passes over the same data, as above, SGD and full gradients generalise alike.
:::

(polyak-averaging)=
### Averaging

Do not shrink the step; average the walk instead. *Polyak averaging* returns $\bar\theta_t=\frac1t\sum_{s\le t}\theta_s$ (in non-convex problems a running average $\bar\theta_t=\alpha\bar\theta_{t-1}+(1-\alpha)\theta_t$, which forgets the beginning). The fluctuations around the minimum cancel, a constant step is allowed, and the rate is $O(1/t)$ for strongly convex, $O(1/\sqrt t)$ for merely convex problems.
"""

# %%
rng, theta, average = np.random.default_rng(49), np.zeros(4000), np.zeros(4000)
for step in range(1, 2001):
    theta = theta - 0.1 * (theta - rng.normal(size=4000))
    average = average + (theta - average) / step
verify_within_se("last iterate: variance η/(2 − η)", theta**2, 0.1 / 1.9)
verify("averaged iterate: t · variance tends to σ² = 1", 2000 * average.var(), 1.0,
       rtol=0.1)

# %% [markdown]
r"""
:::{admonition} What is being averaged
:class: correction
**The notes** average $\theta(t-1)$ and $\theta(t)$ only, and give $O(1/t)$ for all convex problems.

**Right is:** the average must carry itself along, $\bar\theta_t=\alpha\bar\theta_{t-1}+(1-\alpha)\theta_t$; and without strong convexity the stochastic rate is $O(1/\sqrt t)$.
:::
"""

# %%
rng = np.random.default_rng(50)
theta, before, carried = np.zeros(4000), np.zeros(4000), np.zeros(4000)
for step in range(1000):
    theta, before = theta - 0.1 * (theta - rng.normal(size=4000)), theta
    carried = 0.99 * carried + 0.01 * theta
two_points = 0.99 * before + 0.01 * theta
verify_at_least("variance of the two-point average, in units of the last iterate's",
                two_points.var() / theta.var(), 0.9)
verify_at_most("variance of the carried average, in the same units",
               carried.var() / theta.var(), 0.15)

# %% [markdown]
r"""
(ema-momentum-with-bias-correction)=
The same running average, applied to *gradients*, is the form of momentum that comes next:

$$
m_t=\alpha m_{t-1}+(1-\alpha)\,g_t,\qquad\hat m_t=\frac{m_t}{1-\alpha^t} .
$$ (eq-ema)

Started at zero, $m_t$ is too small: for a constant gradient the weights $(1-\alpha)\alpha^{t-s}$ add up to $1-\alpha^t$ only. Dividing by that sum removes the bias.
"""

# %%
m, raw, corrected = 0.0, [], []
for step in range(1, 31):
    m = 0.9 * m + 0.1 * 2.5  # constant gradient g = 2.5
    raw.append(m)
    corrected.append(m / (1 - 0.9**step))
powers = 0.9**np.arange(1, 31)
verify("uncorrected: (1 − αᵗ) g", np.array(raw), (1 - powers) * 2.5, rtol=1e-12)
verify("corrected: g at every step", np.array(corrected), np.full(30, 2.5), rtol=1e-12)
noisy = 2.5 + np.random.default_rng(51).normal(size=(100_000, 2))
second = (0.9 * 0.1 * noisy[:, 0] + 0.1 * noisy[:, 1]) / (1 - 0.9**2)
verify_within_se("noisy gradients: the corrected average is unbiased from step 1",
                 noisy[:, 0] * 0.1 / (1 - 0.9), 2.5)
verify_within_se("… and at step 2", second, 2.5)
# %% [markdown]
r"""
## A step size for every coordinate

(adaptive-learning-rates)=
One learning rate for a million parameters is a compromise between those with large and those with small gradients. *Adaptive* methods divide each coordinate's step by the size of its own past gradients: a diagonal preconditioner, learnt on the way.

(adagrad)=
**AdaGrad** (Duchi, Hazan and Singer 2011) sums the squares of all past gradients,

$$
\gamma_i^2(t)=\sum_{s\le t}g_{is}^2,\qquad\theta_i\leftarrow\theta_i-\frac{\eta}{\delta+\gamma_i(t)}\,g_{it},
$$ (eq-adagrad)

so rare features keep large steps, and all steps only ever shrink: for a constant gradient, step $t$ has size $\eta/\sqrt t$ whatever the gradient's scale.

(rmsprop)=
**RMSProp** (Hinton 2012) forgets: a running mean instead of the sum,

$$
E[g^2]_t=\beta\,E[g^2]_{t-1}+(1-\beta)\,g_t^2,\qquad\theta\leftarrow\theta-\frac{\eta}{\sqrt{E[g^2]_t}+\epsilon}\,g_t ,
$$ (eq-rmsprop)

and the step tends to $\eta\operatorname{sign}g$ instead of dying.

(adam)=
**Adam** (Kingma and Ba 2015) adds momentum, both averages with [bias correction](#eq-ema):

$$
m_t=\beta_1m_{t-1}+(1-\beta_1)g_t,\quad v_t=\beta_2v_{t-1}+(1-\beta_2)g_t^2,\qquad
\theta\leftarrow\theta-\eta\,\frac{m_t/(1-\beta_1^t)}{\sqrt{v_t/(1-\beta_2^t)}+\epsilon}
$$ (eq-adam)

with defaults $\beta_1=0.9$, $\beta_2=0.999$, $\epsilon=10^{-8}$. Three loops, each its formula:
"""

# %%
def adagrad(grad, x, eta, steps, delta=1e-10):
    way, squares = [np.asarray(x, float)], 0.0
    for _ in range(steps):
        g = grad(way[-1])
        squares = squares + g**2
        way.append(way[-1] - eta * g / (delta + np.sqrt(squares)))
    return np.array(way)


def rmsprop(grad, x, eta, steps, beta=0.99, eps=1e-8):
    way, mean_square = [np.asarray(x, float)], 0.0
    for _ in range(steps):
        g = grad(way[-1])
        mean_square = beta * mean_square + (1 - beta) * g**2
        way.append(way[-1] - eta * g / (np.sqrt(mean_square) + eps))
    return np.array(way)


def adam(grad, x, eta, steps, beta1=0.9, beta2=0.999, eps=1e-8):
    way, m, v = [np.asarray(x, float)], 0.0, 0.0
    for t in range(1, steps + 1):
        g = grad(way[-1])
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        way.append(way[-1] - eta * m / (1 - beta1**t) / (np.sqrt(v /
                                                                 (1 - beta2**t)) + eps))
    return np.array(way)

# %% [markdown]
"""
Each must walk a hundred steps of the digits network exactly as PyTorch does.
"""

# %%
w_start = torch.nn.utils.parameters_to_vector(fresh_mlp(4).parameters()).detach()
network_grad = lambda w: torch.func.grad(mlp_loss)(torch.tensor(w)).numpy()
for ours, theirs in ((adagrad, torch.optim.Adagrad), (rmsprop, torch.optim.RMSprop),
                     (adam, torch.optim.Adam)):
    w = w_start.clone().requires_grad_()
    optimizer = theirs([w], lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        mlp_loss(w).backward()
        optimizer.step()
    verify(f"{ours.__name__}: 100 steps against torch.optim.{theirs.__name__}", w,
           ours(network_grad, w_start.numpy(), 0.01, 100)[-1], atol=1e-10)

# %% [markdown]
"""
And the properties the formulas promise. A constant gradient shows them bare, with two coordinates whose gradients differ by a factor of a million:
"""

# %%
constant = lambda x: np.array([1e3, 1e-3])
taken = lambda way: -np.diff(way, axis=0)
t = np.arange(1, 401)[:, None]
verify("AdaGrad: step t has size η/√t at any scale",
       taken(adagrad(constant, np.zeros(2), 0.1, 400)), 0.1 / np.sqrt(t) * np.ones(2),
       rtol=1e-6)
verify("RMSProp: the step tends to η sign g",
       taken(rmsprop(constant, np.zeros(2), 0.1, 4000, eps=1e-14))[-1], [0.1, 0.1],
       rtol=1e-6)
verify("Adam: the first step is η sign g",
       taken(adam(constant, np.zeros(2), 0.1, 1))[0], [0.1, 0.1], rtol=1e-4)
g1 = np.array([2.0, -0.5])
uncorrected = 0.1 * g1 / np.sqrt(0.001 * g1**2)

# %%
verify("… without bias correction 0.1/√0.001 times larger", uncorrected,
       3.162 * np.sign(g1), rtol=1e-3)

verify_at_most(
    "Adam lowers the loss of the network in 20 steps: change",
    mlp_loss(torch.tensor(adam(network_grad, w_start.numpy(), 0.01, 20)[-1])) -
    mlp_loss(w_start), -0.1)
uphill = adam(lambda w: -network_grad(w), w_start.numpy(), 0.01, 20)[-1]
verify_at_least("with a plus sign in the update it climbs: change",
                mlp_loss(torch.tensor(uphill)) - mlp_loss(w_start), 0.1)

# %% [markdown]
r"""
:::{admonition} Adam goes down
:class: correction
**The notes** update with $\theta(t)=\theta(t-1)+\eta\,\hat m/(\sqrt{\hat v}+\epsilon)$, and elsewhere leave out the bias correction.

**Right is** a minus sign, since $m$ averages $+g$; as printed it ascends. Without the correction the first step is $3.16\,\eta$ for the default $\beta$s.
:::

RMSProp has a slip of its own.

:::{admonition} A mean needs its factor
:class: correction
**The notes** define RMSProp's $\gamma_i^2=\sum_s\rho^{t-s}g_{is}^2$, without $1-\rho$.

**Right is:** that is a sum, which tends to $g^2/(1-\rho)$; its steps are those of RMSProp with $\eta$ rescaled by $\sqrt{1-\rho}$.
:::
"""

# %%
rng = np.random.default_rng(52)
stream, rho = rng.normal(size=(200, 3)), 0.9
weights = rho**np.arange(200)[::-1]
verify("sum without the factor: tends to g²/(1 − ρ)",
       weights.sum() * 4.0, 4.0 / (1 - rho), rtol=1e-8)
sum_step, w_sum = (0.01 * stream[-1] / np.sqrt(weights @ stream**2),
                   (1 - rho) * (weights @ stream**2))
verify("its step is RMSProp's with η√(1 − ρ)", sum_step,
       0.01 * np.sqrt(1 - rho) * stream[-1] / np.sqrt(w_sum), rtol=1e-10)
by_rmsprop = taken(
    rmsprop(lambda x, it=iter(stream): next(it), np.zeros(3), 0.01 * np.sqrt(1 - rho),
            200, beta=rho, eps=0.0))[-1]
verify("… as the loop above computes it", sum_step, by_rmsprop, rtol=1e-8)

# %% [markdown]
"""
"Rare features keep large steps" can be seen on a logistic regression in which one feature is on in every example and another in one of fifty, equally informative. Compare how far each weight has moved.
"""

# %%
rng = np.random.default_rng(53)
rare = (rng.uniform(size=2000) < 0.02) * rng.choice([-1.0, 1.0], 2000)
often = rng.choice([-1.0, 1.0], 2000)
Xr, yr = np.c_[often, rare], np.sign(often + 2 * rare + 0.5 * rng.normal(size=2000))
rare_grad = lambda w: -Xr.T @ (yr / (1 + np.exp(yr * (Xr @ w)))) / 2000
moved = {
    f.__name__: f(rare_grad, np.zeros(2), 0.2, 200)[-1]
    for f in (gradient_descent, adagrad)
}
share = {name: w[1] / w[0] for name, w in moved.items()}
verify_at_least(
    "weight of the rare over that of the frequent feature: AdaGrad over gradient descent",
    share["adagrad"] / share["gradient_descent"], 3.0)

# %% [markdown]
r"""
What does the diagonal buy? On a badly scaled quadratic whose axes are the coordinate axes, nearly everything: Adam does not even see the scales (with $\epsilon=0$, multiplying coordinate $i$ by $s_i$ multiplies its path by $s_i$, as for Newton). Turn the same bowl by 45°, and no diagonal matrix can help.
"""

# %%
def steps_needed(way, tol=1e-4):
    return int(np.argmax(np.linalg.norm(way, axis=1) < tol))


turn45 = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
needed = {}
for name, H45, start in (("axes", np.diag(
    [1.0, 1e4]), np.ones(2)), ("turned", turn45 @ np.diag([1.0, 1e4]) @ turn45.T,
                               turn45 @ np.ones(2))):
    needed[name] = steps_needed(adam(lambda x: H45 @ x, start, 0.01, 14_000))
    if name == "axes":
        needed["rmsprop"] = steps_needed(
            rmsprop(lambda x: H45 @ x, start, 0.01, 500, beta=0.9))
gd_steps = int(np.ceil(np.log(1e-4 / np.sqrt(2)) / np.log(
    (1e4 - 1) / (1e4 + 1))))  # (κ−1)/(κ+1) a step
print(
    f"steps to 1e-4: gradient descent {gd_steps}, Adam {needed['axes']}, RMSProp {needed['rmsprop']}, Adam on the turned bowl {needed['turned']}"
)
verify_at_least("along the axes: gradient descent over Adam", gd_steps / needed["axes"],
                10.0)

# %%
verify_at_least("along the axes: gradient descent over RMSProp",
                gd_steps / needed["rmsprop"], 10.0)
verify_at_most("turned by 45°: gradient descent over Adam", gd_steps / needed["turned"],
               10.0)

s = np.array([1e-3, 1.0, 50.0])
bent = lambda x: np.array([np.sin(x[0]), x[1] * x[2]**2, x[1]**2 * x[2] + x[2]]
                          )  # any gradient
original = adam(bent, np.ones(3), 0.05, 60, eps=0.0)
scaled = adam(lambda u: bent(u / s) / s, s * np.ones(3), 0.05 * s, 60, eps=0.0)
verify("Adam in rescaled coordinates takes the rescaled path", scaled / s, original,
       atol=1e-8)

# %% [markdown]
r"""
(muon)=
### Muon: one step length for every singular direction

The parameters of a layer are not a list of numbers but a matrix, and the natural axes of a matrix are its singular vectors. Gradients of weight matrices tend to be dominated by a few of them; the rare directions drown. *Muon* (Jordan 2024) gives all the same length. With momentum $M_t=\mu M_{t-1}+\nabla_W\mathcal L$ and $M=U\Sigma V^\top$,

$$
W_{t+1}=W_t-\eta\sqrt{\tfrac{d_{\text{out}}}{d_{\text{in}}}}\;UV^\top ,
$$ (eq-muon)

the singular values replaced by ones. $UV^\top$ is the nearest semi-orthogonal matrix to $M$, and among all matrices of spectral norm one it has the largest inner product with $M$, the nuclear norm $\sum_i\sigma_i$: it is steepest descent when steps are measured by what they can do to an input.
"""

# %%
def orthogonalize(M):
    U, _, Vt = np.linalg.svd(M, full_matrices=False)
    return U @ Vt


rng = np.random.default_rng(54)
M = rng.normal(size=(6, 10)) * np.geomspace(1, 0.05, 6)[:, None]
P = orthogonalize(M)
verify("all singular values are 1", np.linalg.svd(P, compute_uv=False), np.ones(6),
       atol=1e-10)
others = np.array([
    orthogonalize(rng.normal(size=(6, 10)) + 3 * s * M) for s in rng.uniform(size=1000)
])
verify_at_most("nearest: distance to M, against 1000 other semi-orthogonal matrices",
               np.linalg.norm(M - P),
               np.linalg.norm(M - others, axis=(1, 2)).min())

# %%
verify("⟨M, P⟩ is the nuclear norm", (M * P).sum(), np.linalg.norm(M, "nuc"),
       rtol=1e-10)
verify_at_most("… and no other matrix of spectral norm 1 has more", (others * M).sum(
    (1, 2)).max(), (M * P).sum())

# %% [markdown]
r"""
A singular value decomposition in every step would be slow. The Newton–Schulz iteration $X\leftarrow\frac32X-\frac12XX^\top X$ acts on each singular value by $\sigma\leftarrow\frac32\sigma-\frac12\sigma^3$ and drives it to one with nothing but matrix products. Small values take longest: they grow by $\frac32$ a round.
"""

# %%
def newton_schulz(M, rounds):
    X = M / np.linalg.norm(M)  # now all singular values are below 1
    for _ in range(rounds):
        X = 1.5 * X - 0.5 * X @ X.T @ X
    return X


verify("25 rounds agree with the SVD", newton_schulz(M, 25), P, atol=1e-3)
verify("two rounds send σ to the cubic of the cubic",
       np.linalg.svd(newton_schulz(M, 2), compute_uv=False)[0],
       (lambda s: (lambda u: 1.5 * u - 0.5 * u**3)
        (1.5 * s - 0.5 * s**3))(np.linalg.norm(M, 2) / np.linalg.norm(M)), rtol=1e-10)

# %%
# PyTorch's Muon computes in bfloat16 (8 bits), so it can agree to about 2⁻⁸ only.
W = torch.zeros(16, 12, requires_grad=True)
muon = torch.optim.Muon([W], lr=0.1, momentum=0.9, weight_decay=0.0, nesterov=False,
                        ns_coefficients=(1.5, -0.5, 0.0), ns_steps=30)
ours, velocity_ = np.zeros((16, 12)), 0.0
for _ in range(5):
    g = rng.normal(size=(16, 12))
    W.grad = torch.tensor(g)
    muon.step()
    velocity_ = 0.9 * velocity_ + g
    ours = ours - 0.1 * np.sqrt(16 / 12) * orthogonalize(velocity_)
verify("five steps against torch.optim.Muon", W, ours, atol=5 * 2**-8 * 0.1)

# %% [markdown]
"""
On the digits network, each method with the best of three learning rates: the loss after ten epochs, mean of two seeds.
"""

# %%
def train_digits(kind, eta, seed, epochs=10):
    """Training loss after every epoch; Muon for the two matrices with SGD for the biases."""
    model, generator = fresh_mlp(seed), torch.Generator().manual_seed(seed)
    if kind == "Muon":
        matrices = [p for p in model.parameters() if p.ndim == 2]
        others = [p for p in model.parameters() if p.ndim == 1]
        opts = [
            torch.optim.Muon(matrices, lr=eta, momentum=0.9, weight_decay=0.0),
            torch.optim.SGD(others, lr=0.1, momentum=0.9)
        ]
    else:
        opts = [
            torch.optim.Adam(model.parameters(), lr=eta)
            if kind == "Adam" else torch.optim.SGD(model.parameters(), lr=eta)
        ]
    losses = []
    for _ in range(epochs):
        for b in torch.randperm(1400, generator=generator).split(100):
            model.zero_grad()
            torch.nn.functional.cross_entropy(model(images[b]), labels[b]).backward()
            for opt in opts:
                opt.step()
        with torch.no_grad():
            losses.append(
                torch.nn.functional.cross_entropy(model(images), labels).item())
    return losses


# %%
grid = {"SGD": (0.3, 0.8, 2.0), "Adam": (0.01, 0.03, 0.1), "Muon": (0.03, 0.1, 0.2)}
tuned = {}
for kind, etas in grid.items():
    curves = {
        eta: np.mean([train_digits(kind, eta, seed) for seed in range(2)], axis=0)
        for eta in etas
    }
    best_eta = min(curves, key=lambda eta: curves[eta][-1])
    tuned[kind] = (best_eta, curves[best_eta])
verify_at_most("Muon after ten epochs: loss over that of tuned SGD",
               tuned["Muon"][1][-1] / tuned["SGD"][1][-1], 1.0)
verify_at_most("largest tuned loss, against an untrained network's log 10",
               max(c[-1] for _, c in tuned.values()) / np.log(10), 0.1)

# %% mystnb={"image": {"alt": "Training loss of the digits network over ten epochs for SGD, Adam and Muon, each at its best learning rate, on a logarithmic axis."}} tags=["hide-input"]
for (kind, (eta, curve)), colour in zip(tuned.items(),
                                        (plot.BLUE, plot.GREEN, plot.RED)):
    plt.semilogy(range(1, 11), curve, ".-", color=colour,
                 label=f"{kind}, $\\eta={eta}$")
plt.xlabel("epoch")
plt.ylabel("training loss")
plt.legend()
plt.show()

# %% [markdown]
"""
## Learning is not optimising

(learning-versus-optimization)=
Training minimises the *training* risk. What one wants is a small *expected* risk, and whether a minimiser of the first is good for the second depends on the model class, the data, and the bias of the algorithm, not on its being a global minimum. Take twenty noisy points of a sine and two models that both reach training loss zero, the global minimum: the polynomial of degree 19 through them, and the minimum-norm combination of two thousand random ReLU features.
"""

# %%
grid_x = np.linspace(0, 1, 400)
x20 = np.linspace(0, 1, 20)
wave = lambda x: np.sin(2 * np.pi * x)


# %%
def interpolators(seed):
    """Predictions on the grid and largest training loss of two exact fits of 20 noisy points."""
    rng = np.random.default_rng(seed)
    y20 = wave(x20) + 0.1 * rng.normal(size=20)
    vander = np.polynomial.chebyshev.chebvander
    coefficients = np.linalg.solve(vander(2 * x20 - 1, 19), y20)
    kinks, sign = rng.uniform(-0.1, 1.1, 2000), rng.choice([-1.0, 1.0], 2000)
    features = lambda x: np.maximum(0, sign * (x[:, None] - kinks))
    weights = np.linalg.lstsq(features(x20), y20,
                              rcond=None)[0]  # the minimum-norm solution
    fits = [
        lambda x: vander(2 * x - 1, 19) @ coefficients, lambda x: features(x) @ weights
    ]
    return ([f(grid_x) for f in fits], max(
        np.mean((f(x20) - y20)**2) for f in fits), y20)


# %%
results = [interpolators(seed) for seed in range(30)]
errors = np.median(
    [[np.mean((f - wave(grid_x))**2) for f in fits] for fits, _, _ in results], axis=0)
verify_at_most("both reach the global minimum: largest training loss of 60 fits",
               max(r[1] for r in results), 1e-15)
verify_at_least("test error of the polynomial, median of 30 draws", errors[0], 100.0)
verify_at_most("test error of the minimum-norm ReLU fit", errors[1], 0.02)

# %% mystnb={"image": {"alt": "Twenty noisy points of a sine, the degree 19 polynomial through them, which swings wildly near the ends, and the minimum-norm ReLU fit, which follows the sine."}} tags=["hide-input"]
(poly, relu_fit), _, y20 = results[0]
plt.plot(grid_x, poly, color=plot.BLUE, label="polynomial of degree 19")
plt.plot(grid_x, relu_fit, color=plot.RED, label="2000 random ReLUs, minimum norm")
plt.plot(grid_x, wave(grid_x), color=plot.GREY, lw=1, ls=":", label="truth")
plt.plot(x20, y20, "ko", ms=4)
plt.ylim(-2.5, 2.5)
plt.xlabel("$x$")
plt.legend()
plt.show()

# %% [markdown]
"""
The walk itself matters too. Gradient descent on a flexible model learns the wave first and the noise later, so stopping before the minimum can be much better than reaching it:
"""

# %%
rng = np.random.default_rng(55)
Xg = np.polynomial.legendre.legvander(2 * x20 - 1, 15)
yg = wave(x20) + 0.3 * rng.normal(size=20)
Xe = np.polynomial.legendre.legvander(2 * grid_x - 1, 15)
lam, V = np.linalg.eigh(Xg.T @ Xg)
target, walk = V.T @ (Xg.T @ yg), []
checkpoints = np.unique(np.geomspace(1, 200_000, 60).astype(int))
for t in checkpoints:  # gradient descent from 0 in the eigenbasis: t steps at once
    w = V @ (target / lam * (1 - (1 - lam / lam[-1])**t))
    walk.append((np.mean((Xg @ w - yg)**2), np.mean((Xe @ w - wave(grid_x))**2)))
walk = np.array(walk)
stepped = gradient_descent(lambda w: Xg.T @ (Xg @ w - yg), np.zeros(16), 1 / lam[-1],
                           int(checkpoints[25]))[-1]
verify("the closed form of t steps, against the loop", np.mean((Xg @ stepped - yg)**2),
       walk[25, 0], rtol=1e-9)
verify_at_most("largest change of the training loss from check to check",
               np.diff(walk[:, 0]).max(), 0.0, atol=1e-15)
verify_at_least("test loss at the end over the best on the way",
                walk[-1, 1] / walk[:, 1].min(), 5.0)

# %% mystnb={"image": {"alt": "Training and test loss against steps, double logarithmic: the training loss falls throughout, the test loss falls, reaches its minimum and rises again."}} tags=["hide-input"]
plt.loglog(checkpoints, walk[:, 0], color=plot.BLUE, label="training loss")
plt.loglog(checkpoints, walk[:, 1], color=plot.RED, label="test loss")
plt.xlabel("steps")
plt.ylabel("mean squared error")
plt.legend()
plt.show()

# %% [markdown]
r"""
:::{admonition} The global minimum is not the culprit
:class: correction
**The notes say** repeatedly that reaching the global minimum leads to overfitting.

**Right is:** not in general. Least squares with $n\gg p$ is solved to its global minimum and generalises; models with far more parameters than data can interpolate and generalise. Of the two interpolators above one is useless and one is good.
:::
"""

# %%
sine, excess = lambda x: np.sin(np.pi * x), []
for seed in range(40):  # 5000 examples, 16 parameters
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, 5000)
    wide = np.polynomial.legendre.legvander(x, 15)
    global_fit = np.linalg.lstsq(wide,
                                 sine(x) + 0.3 * rng.normal(size=5000), rcond=None)[0]
    excess.append(np.mean((Xe @ global_fit - sine(2 * grid_x - 1))**2))
verify_within_se("n ≫ p: excess test error at the global minimum is σ²p/n", excess,
                 0.3**2 * 16 / 5000)

# %% [markdown]
"""
(curriculum-learning)=
Does the order of the examples matter, easy ones first? *Curriculum learning* says it may help. It is a heuristic, so we measure: the difficulty of a digit is its loss under a small teacher, the budget is two epochs, and the three orders compete over ten seeds.
"""

# %%
teacher = torch.tensor(one_epoch(np.random.default_rng(58).permutation(1400)))
difficulty = torch.nn.functional.cross_entropy(
    torch.tensor(Xs) @ teacher, labels, reduction="none")
ranks = difficulty.argsort()


def two_epochs(order, seed):
    model = fresh_mlp(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(2):
        rows = {
            "easy first": ranks, "hard first": ranks.flip(0), "random": torch.randperm(
                1400, generator=generator)
        }[order]
        for b in rows.split(32):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images[b]), labels[b]).backward()
            optimizer.step()
    with torch.no_grad():
        return (model(images_test).argmax(1) == labels_test).double().mean().item()


# %%
scores = {
    order: np.array([two_epochs(order, seed) for seed in range(10)])
    for order in ("easy first", "hard first", "random")
}
for order, values in scores.items():
    half = (2.26 * values.std(ddof=1) / np.sqrt(10)
            )  # 95 % of Student's t with nine degrees of freedom
    print(f"{order:11s} test accuracy {100 * values.mean():.1f} % ± {100 * half:.1f}")
commonest = lambda rows: np.mean(
    [np.bincount(labels[b], minlength=10).max() / len(b) for b in rows.split(32)])
verify_at_least("share of the commonest class in a batch: easy first over random",
                commonest(ranks) / commonest(torch.randperm(1400)), 1.2)
paired = scores["random"] - scores["easy first"]
verify_at_least("random minus easy first, in its own standard errors",
                paired.mean() / (paired.std(ddof=1) / np.sqrt(10)), 2.0)

# %% [markdown]
"""
Here the strict order loses to shuffling in both directions: sorting by difficulty partly sorts by class, as the last check but one shows, and [we have seen](#epoch-and-shuffling) what that does. A heuristic is a hypothesis; the burden of proof is on the run.
"""

# %% [markdown]
r"""
(gd-practice)=
## In practice

The [odd-or-even regression](#eq-logistic) once more, now trained to its optimum by everything we have built, and paid in one currency: gradients of the full loss (a mini-batch step costs its share, a Hessian of $d$ columns costs $d$). The curvature is bounded by $L\approx2.9$, the ridge guarantees $\mu=10^{-3}$.
"""

# %%
w0, R_star = np.zeros(65), R(w_star)
mu, L = lam_ridge, L_logistic
q_ = (np.sqrt(L / mu) - 1) / (np.sqrt(L / mu) + 1)


def minibatch(steps=20_000, size=32):
    """SGD with η = 1/(μ(t + t₀)); one iterate for each full gradient's worth of examples."""
    rng, w, kept = np.random.default_rng(59), w0, [w0]
    every = len(yd) // size
    for t in range(steps):
        b = rng.integers(len(yd), size=size)
        wrong = 1 / (1 + np.exp(yd[b] * (Xd[b] @ w)))
        w = w - 1 / (mu * (t + 1000)) * (mu * w - Xd[b].T @ (yd[b] * wrong) / size)
        if (t + 1) % every == 0:
            kept.append(w)
    return np.array(kept)


# %%
newton_way = [w0]
for _ in range(7):
    newton_way.append(newton_way[-1] -
                      np.linalg.solve(R_hess(newton_way[-1]), R_grad(newton_way[-1])))
lbfgs_way = [w0]
lbfgs = optimize.minimize(lambda w: (lbfgs_way.append(w.copy()),
                                     (R(w), R_grad(w)))[1], w0, jac=True,
                          method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9})
ways = {
    "gradient descent": gradient_descent(R_grad, w0, 1 / L,
                                         9000), "SGD, η ~ 1/t": minibatch(),
    "Adam, η = 0.1": adam(R_grad, w0, 0.1, 600), "Nesterov": nesterov(
        R_grad, w0, 1 / L, q_, 600), "heavy ball": heavy_ball(
            R_grad, w0, (2 / (np.sqrt(L) + np.sqrt(mu)))**2, q_**2,
            600), "L-BFGS (scipy)": np.array(lbfgs_way), "Newton": np.array(newton_way)
}

# %%
gaps = {
    name: np.array([R(w) - R_star for w in way]) / (R(w0) - R_star)
    for name, way in ways.items()
}
price = {name: 66 if name == "Newton" else 1 for name in ways}
cost = {
    name: price[name] * int(np.argmax(gap < 1e-6)) if gap.min() < 1e-6 else None
    for name, gap in gaps.items()
}
print("\n".join(
    f"{name:17s} {cost[name] or 'not reached':>12} gradients to a relative gap of 1e-6"
    for name in ways))

# %% mystnb={"image": {"alt": "Relative gap to the optimum against gradient evaluations for seven optimisers, double logarithmic: gradient descent slowest, accelerated methods and L-BFGS tens of times faster, SGD first ahead and then flat."}} tags=["hide-input"]
for (name, gap), colour in zip(
        gaps.items(),
    (plot.BLUE, plot.ORANGE, plot.PURPLE, plot.GREEN, plot.RED, "black", plot.GREY)):
    plt.loglog(price[name] * np.arange(len(gap)) + 1, np.maximum(gap, 1e-12),
               color=colour, lw=1.4, label=name)
plt.ylim(1e-8, 2)
plt.xlabel("gradients of the full loss")
plt.ylabel("relative gap")
plt.legend(ncols=4, fontsize=9, loc="lower center", bbox_to_anchor=(0.45, 1))
plt.show()

# %%
from sklearn.linear_model import LogisticRegression

judge = LogisticRegression(C=1 / (len(yd) * lam_ridge), fit_intercept=False,
                           solver="newton-cholesky", tol=1e-10).fit(Xd, yd)
verify("the optimum, against scikit-learn's", w_star, judge.coef_[0], atol=1e-6)
for name in ("gradient descent", "heavy ball", "Nesterov", "Adam, η = 0.1",
             "L-BFGS (scipy)", "Newton"):
    verify_at_most(f"{name}: relative gap at the end", gaps[name].min(), 1e-6,
                   atol=1e-15)
verify_at_least("gradients saved by heavy ball: gradient descent over heavy ball",
                cost["gradient descent"] / cost["heavy ball"], 20.0)

# %%
verify_at_most(
    "first pass: SGD's gap over gradient descent's after five full gradients",
    gaps["SGD, η ~ 1/t"][5] / gaps["gradient descent"][5], 0.8)
expected_steps = L / mu * np.log(1e6)  # what (1 − μ/L)ᵗ = 1e-6 promises, an upper bound
verify_at_most("gradient descent: steps, against the bound (L/μ) log 10⁶",
               cost["gradient descent"], expected_steps)

# %% [markdown]
r"""
The order is the one theory predicts: $\kappa\log\frac1\epsilon$ for gradient descent, $\sqrt\kappa\log\frac1\epsilon$ for the accelerated methods, an early lead for SGD that its noise then costs it, and for sixty-five parameters the second-order methods are unbeatable. For sixty-five million they are not an option.

At work you would write none of this. The book's `fit` is the usual loop; with a schedule, momentum and early stopping the digits network takes a few lines.
"""

# %%
model = fresh_mlp(0)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
history = fit(model, torch.nn.functional.cross_entropy, images, labels,
              optimizer=optimizer, epochs=30, batch_size=32,
              validation=(images_test, labels_test), patience=5)
with torch.no_grad():
    score = (model(images_test).argmax(1) == labels_test).double().mean()
verify_at_least("test accuracy, where the softmax regression above had 0.98", score,
                0.97)
verify_at_most("early stopping kept the best epoch", history.validation[history.best],
               min(history.validation))

# %% [markdown]
"""
**Rules of thumb, and where in this chapter they come from.** Scale the inputs (it lowers [κ](#condition-number)). Try learning rates by factors of three; the best is usually a little below divergence ([why](#learning-rate)). Use momentum 0.9 ([√κ](#momentum)). Use Adam when gradients differ wildly in scale, Muon for large matrices ([why](#adaptive-learning-rates)). Decay the step at the end ([the floor](#sgd-noise-floor)), or average ([why](#polyak-averaging)). Reshuffle every epoch ([or else](#epoch-and-shuffling)). Watch the validation loss, not the training loss ([why](#learning-versus-optimization)).
"""

# %% [markdown]
r"""
## Beware

Four traps that catch people who know all of the above.

**A loss that falls is not a loss that converges.** With $\eta_t=\eta_0e^{-\rho t}$ the loss falls in every step and the walk still [ends short](#learning-rate-decay).

**The stability limit holds for the steepest direction, not the average one.** A single outlier example can set $\lambda_{\max}$ for the whole data set:
"""

# %%
rng = np.random.default_rng(60)
clean = rng.normal(size=(500, 3))
dirty = np.r_[clean, [[60.0, 0, 0]]]  # one entry mistyped
limit = lambda X: 2 / np.linalg.eigvalsh(X.T @ X / len(X))[-1]
verify_at_least(
    "one bad example in 501: the largest stable step shrinks by a factor of",
    limit(clean) / limit(dirty), 6.0)

# %% [markdown]
"""
**Sum or mean?** A loss summed over the batch has gradients $m$ times larger. Change the batch size and the learning rate silently changes with it.
"""

# %%
for size in (16, 64):
    probe = torch.zeros(64, 10, requires_grad=True)
    grads = [
        torch.autograd.grad(
            torch.nn.functional.cross_entropy(images[:size] @ probe, labels[:size],
                                              reduction=r), probe)[0]
        for r in ("sum", "mean")
    ]
    verify(f"batch {size}: gradient of the sum over gradient of the mean",
           grads[0].norm() / grads[1].norm(), float(size), rtol=1e-9)

# %% [markdown]
r"""
**Gradients accumulate in PyTorch.** Forget `zero_grad` and each step uses the sum of all gradients so far, a momentum with $\beta=1$, [which never settles](#momentum).
"""

# %%
w = torch.ones(1, requires_grad=True)
sgd, seen = torch.optim.SGD([w], lr=0.1), []
for _ in range(40):
    (0.5 * w**2).sum().backward()  # no zero_grad
    sgd.step()
    seen.append(w.item())
verify("without zero_grad: a frictionless ball", np.array(seen),
       heavy_ball(lambda x: x, [1.0], 0.1, 1.0, 40)[1:, 0], atol=1e-12)
# %% [markdown]
"""
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""

# %% tags=["remove-cell"] jupyter={"source_hidden": true}
@exercise.define("largest-step")
def _(answer):
    H = np.array([[4.0, 1, 0], [1, 3, 1], [0, 1, 2]])
    below, above = (np.linalg.norm(
        gradient_descent(lambda x: H @ x, np.ones(3), s * answer, 4000)[-1])
                    for s in (0.999, 1.001))
    assert below < 1, "with 0.999 of your step it does not converge"
    assert above > 1, "a slightly larger step would still converge"


@exercise.define("half-life")
def _(answer):
    for kappa in (3.0, 50.0, 400.0):
        factor = np.linalg.norm(
            gradient_descent(lambda x: np.array([1, kappa]) * x, np.ones(2), 2 /
                             (1 + kappa), 1)[-1]) / np.sqrt(2)
        assert abs(factor**answer(kappa) - 0.5) < 1e-9, (
            f"for κ = {kappa:g} your number of steps leaves {factor ** answer(kappa):.3f} of the distance, not half"
        )


@exercise.define("own-gradient")
def _(answer):
    rng = np.random.default_rng(0)
    A, w = rng.normal(size=(7, 3)), rng.normal(size=3)
    f = lambda w: np.log1p(np.exp(A @ w)).sum() + (w**4).sum()
    numeric = [(f(w + e) - f(w - e)) / 2e-5 for e in 1e-5 * np.eye(3)]
    assert np.shape(answer(A, w)) == (3, ), "the gradient has the shape of w"
    assert np.allclose(answer(A, w), numeric,
                       atol=1e-6), ("it differs from central differences")


@exercise.define("broken-tangent")
def _(answer):
    (x, y), f = answer, lambda x: x**4 - x**2
    slope = (f(x + 1e-5) - f(x - 1e-5)) / 2e-5
    assert f(y) < f(x) + slope * (y - x) - 1e-6, (
        "at this pair the tangent lies below the curve; where is the curvature negative?"
    )


@exercise.define("constrained")
def _(answer):
    best = optimize.minimize(lambda p: p[0]**2 + 2 * p[1]**2, [1.0, 1.0],
                             constraints={"type": "eq", "fun": lambda p: p.sum() - 3})
    assert np.allclose(answer, best.x, atol=1e-4), (
        "this is not the lowest point of the line; set ∇f parallel to (1, 1)")


@exercise.define("tune-heavy-ball")
def _(answer):
    eta, beta = answer
    lam, steps = np.linspace(1, 400, 30), 600
    size = abs(heavy_ball(lambda x: lam * x, np.ones(30), eta, beta, steps)).max(1)
    rate = (size[-1] / size[steps // 2])**(2 / steps)
    assert rate < 19 / 21 * 1.01, (
        f"it contracts by {rate:.4f} a step; 19/21 = {19 / 21:.4f} can be had")


@exercise.define("amplifier")
def _(answer):
    assert 0 <= answer < 1, "β lies in [0, 1)"
    length = abs(np.diff(heavy_ball(lambda x: 1.0, 0.0, 1.0, answer, 3000))[-1])
    assert abs(length -
               25) < 1e-6, (f"the terminal step is {length:.2f} plain steps long")


@exercise.define("quiet-step")
def _(answer):
    assert 0 < answer < 2, "a stable step lies between 0 and 2"
    sd = np.sqrt(stationary(answer, 4, chains=200, burn=500, steps=1500).mean())
    assert abs(sd - 0.1) < 0.002, (
        f"simulated, your step fluctuates with standard deviation {sd:.3f}")


@exercise.define("which-decays")
def _(answer):
    for a in (0.3, 0.5, 0.6, 1.0, 1.2):
        doubling = [
            np.sum(np.arange(10**k, 2 * 10**k, dtype=float)**-a) for k in (2, 6)
        ]
        squares = [
            np.sum(np.arange(10**k, 2 * 10**k, dtype=float)**(-2 * a)) for k in (2, 6)
        ]
        meets = doubling[1] > 0.9 * doubling[0] and squares[1] < 0.9 * squares[0]
        assert (a in answer) == meets, f"look again at α = {a}"
    assert set(answer) <= {0.3, 0.5, 0.6, 1.0, 1.2}, "only values from the list"


@exercise.define("adamw")
def _(answer):
    w = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    opt, scale = (torch.optim.AdamW([w], lr=0.05,
                                    weight_decay=0.1), torch.tensor([1.0, 10.0, 100.0]))
    for _ in range(30):
        opt.zero_grad()
        (scale * w**2).sum().backward()
        opt.step()
    ours = answer(lambda x: 2 * scale.numpy() * x, np.array([1.0, -2.0, 3.0]), 0.05, 30,
                  0.1)
    assert np.allclose(ours, w.detach(), atol=1e-10), (
        "the end point differs from torch.optim.AdamW; does the decay pass through m and v?"
    )


@exercise.define("rosenbrock")
def _(answer):
    calls = []
    end = answer(lambda x: (calls.append(1), optimize.rosen_der(x))[1],
                 np.array([-1.2, 1.0]))
    assert len(calls) <= 2000, f"{len(calls)} gradient evaluations, allowed are 2000"
    assert optimize.rosen(end) < 1e-6, (
        f"the value at your point is {optimize.rosen(end):.1e}")

# %% [markdown]
r"""
:::{exercise} The largest step
:label: ex-largest-step
Below which $\eta$ does gradient descent converge on $f(x)=\frac12x^\top Hx$ with $H=\begin{pmatrix}4&1&0\\1&3&1\\0&1&2\end{pmatrix}$?
:::
"""

# %%
largest_step = ...  # a number

exercise("largest-step").check(largest_step)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The limit is $2/\lambda_{\max}$, and the characteristic polynomial $(3-\lambda)\bigl((4-\lambda)(2-\lambda)-2\bigr)$ has the roots $3$ and $3\pm\sqrt3$.

```python
largest_step = 2 / (3 + np.sqrt(3))
```

</details>

:::{exercise} Half-life
:label: ex-half-life
How many steps (not necessarily a whole number) does gradient descent with the best fixed step need to halve the distance to the minimum of a quadratic with condition number $\kappa$? For large $\kappa$, show that it is about $0.35\,\kappa$.
:::
"""

# %%
half_life = ...  # a function of kappa, e.g. lambda kappa: kappa

exercise("half-life").check(half_life)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Solve $\bigl(\frac{\kappa-1}{\kappa+1}\bigr)^t=\frac12$. For large $\kappa$, $\log\frac{\kappa-1}{\kappa+1}\approx-\frac2\kappa$, so $t\approx\frac{\log2}2\kappa$.

```python
half_life = lambda kappa: np.log(2) / np.log((kappa + 1) / (kappa - 1))
```

</details>

:::{exercise} A gradient of your own
:label: ex-own-gradient
Write the gradient in $w$ of $f(w)=\sum_i\log(1+e^{a_i^\top w})+\sum_jw_j^4$, where the $a_i$ are the rows of $A$, without a loop.
:::
"""

# %%
own_gradient = ...  # a function of A and w

exercise("own-gradient").check(own_gradient)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The derivative of $\log(1+e^z)$ is the sigmoid, and $\nabla_wa_i^\top w=a_i$.

```python
own_gradient = lambda A, w: A.T @ (1 / (1 + np.exp(-A @ w))) + 4 * w**3
```

</details>

:::{exercise} A broken tangent
:label: ex-broken-tangent
Find $x$ and $y$ at which $f(x)=x^4-x^2$ violates [the tangent inequality](#first-order-convexity-condition).
:::
"""

# %%
broken_tangent = ...  # a pair (x, y)

exercise("broken-tangent").check(broken_tangent)

# %% [markdown]
"""
<details><summary>Solution</summary>

At the local maximum $0$ the tangent is horizontal at height $0$, and $f(y)<0$ for $0<|y|<1$.

```python
broken_tangent = (0.0, 0.7)
```

</details>

:::{exercise} On a line
:label: ex-constrained
Minimise $x^2+2y^2$ subject to $x+y=3$ with a multiplier.
:::
"""

# %%
constrained = ...  # a pair (x, y)

exercise("constrained").check(constrained)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\nabla f=(2x,4y)$ must be parallel to $(1,1)$: $2x=4y$, and with $x+y=3$, $x=2$, $y=1$.

```python
constrained = (2.0, 1.0)
```

</details>

:::{exercise} Tune the heavy ball
:label: ex-tune-heavy-ball
The curvatures lie between $\mu=1$ and $L=400$. Which $\eta$ and $\beta$ give the best rate, and what is it?
:::
"""

# %%
tune_heavy_ball = ...  # a pair (eta, beta)

exercise("tune-heavy-ball").check(tune_heavy_ball)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\sqrt L=20$, $\sqrt\mu=1$, so by [the formula](#eq-heavy-ball) $\eta=(2/21)^2$, $\beta=(19/21)^2$, rate $19/21$.

```python
tune_heavy_ball = ((2 / 21) ** 2, (19 / 21) ** 2)
```

</details>

:::{exercise} An amplifier
:label: ex-amplifier
Which $\beta$ makes steps in a steady direction 25 times longer than plain ones?
:::
"""

# %%
amplifier = ...  # a number

exercise("amplifier").check(amplifier)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac1{1-\beta}=25$.

```python
amplifier = 0.96
```

</details>

:::{exercise} A quiet step
:label: ex-quiet-step
On the noisy parabola with $\sigma=1$ and batches of four, which $\eta$ lets $\theta$ fluctuate with standard deviation $0.1$?
:::
"""

# %%
quiet_step = ...  # a number

exercise("quiet-step").check(quiet_step)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac\eta{2-\eta}\cdot\frac14=0.01$ gives $\eta=0.08/1.04$.

```python
quiet_step = 0.08 / 1.04
```

</details>

:::{exercise} Which decays?
:label: ex-which-decays
For which of $\alpha=0.3,\,0.5,\,0.6,\,1,\,1.2$ does $\eta_t=t^{-\alpha}$ meet [both conditions](#robbins-monro-conditions) of Robbins and Monro?
:::
"""

# %%
which_decays = ...  # a list of numbers

exercise("which-decays").check(which_decays)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac12<\alpha\le1$. At $\frac12$ the squares still diverge, beyond $1$ the sum converges.

```python
which_decays = [0.6, 1.0]
```

</details>

:::{exercise} AdamW
:label: ex-adamw
Adding $\lambda\theta$ to the gradient before Adam lets the decay be rescaled like a gradient. *AdamW* {cite:p}`loshchilov2019` decays the weights directly instead: before the step, $\theta\leftarrow(1-\eta\lambda)\,\theta$. Write it and match PyTorch.
:::
"""

# %%
adamw = ...  # a function of (grad, x, eta, steps, decay) that returns the last iterate

exercise("adamw").check(adamw)

# %% [markdown]
"""
<details><summary>Solution</summary>

Only one factor is new; the gradient is taken before the decay.

```python
def adamw(grad, x, eta, steps, decay, beta1=0.9, beta2=0.999, eps=1e-8):
    m = v = 0.0
    for t in range(1, steps + 1):
        g = grad(x)
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        x = (1 - eta * decay) * x
        x = x - eta * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return x
```

</details>

:::{exercise} Project: the banana
:label: ex-rosenbrock
Rosenbrock's function has a curved valley of condition number 2500. Write any first-order method that brings it below $10^{-6}$ from $(-1.2,1)$ with at most 2000 gradients. Then draw your path, and find the smallest number of gradients you can get away with.
:::
"""

# %%
rosenbrock = ...  # a function of (grad, x) that returns the last iterate

exercise("rosenbrock").check(rosenbrock)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Nesterov's step with a fixed $\beta$ overshoots along the bend; restarting the momentum whenever it points uphill cures that {cite:p}`odonoghue2015`.

```python
def rosenbrock(grad, x, eta=1e-3):
    before, t = x, 0
    for _ in range(1999):
        ahead = x + t / (t + 3) * (x - before)
        g = grad(ahead)
        before, x = x, ahead - eta * g
        t = 0 if g @ (x - before) > 0 else t + 1
    return x
```

</details>
"""

# %% [markdown]
r"""
## Summary

| idea | formula | where |
|---|---|---|
| gradient | $\langle\nabla f,v\rangle$ is the slope along a unit vector $v$; steepest along $\nabla f$, orthogonal to level sets | [slope](#eq-directional) |
| gradient descent | $\theta\leftarrow\theta-\eta\nabla\mathcal R$, stable on quadratics for $\eta<2/L$ | [update](#eq-gd) |
| quadratic model | $f(w-\eta g)\approx f-\eta\lVert g\rVert^2+\frac{\eta^2}2g^\top Hg$ | [one step](#eq-step-model) |
| Newton | $\theta\leftarrow\theta-H^{-1}g$: the error is squared, $O(d^3)$ a step | [update](#eq-newton) |
| convex, $L$-smooth | $f(x_t)-f^*\le L\lVert x_0-x^*\rVert^2/2t$ | [rate](#gd-rate-convex) |
| strongly convex or PL | $f(x_t)-f^*\le(1-\mu/L)^t(f(x_0)-f^*)$; best fixed step $\frac{\kappa-1}{\kappa+1}$ | [rate](#gd-rate-strongly-convex) |
| momentum | $\sqrt\beta=\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$, and no first-order method beats it | [tuning](#eq-heavy-ball), [bound](#eq-lower-bound) |
| mini-batches | unbiased, variance $\propto1/m$; floor $\frac\eta{2-\eta}\frac{\sigma^2}m$ | [floor](#eq-noise-floor) |
| schedules | $\sum\eta_t=\infty$, $\sum\eta_t^2<\infty$: $t^{-\alpha}$ with $\frac12<\alpha\le1$ | [conditions](#eq-robbins-monro) |
| Adam | $\eta\,\hat m/(\sqrt{\hat v}+\epsilon)$: a diagonal preconditioner with momentum | [update](#eq-adam) |
| Muon | $\eta\sqrt{d_{\text{out}}/d_{\text{in}}}\,UV^\top$: one length for all singular directions | [update](#eq-muon) |

**Further reading.** {cite:t}`boyd2004` for convexity, {cite:t}`nesterov2018` for the rates and the lower bound, {cite:t}`bottou2018` for everything stochastic. {cite:t}`goh2017` made momentum visible; this chapter owes its valley to him. The methods in their authors' words: heavy ball {cite:p}`polyak1964`, acceleration {cite:p}`nesterov1983`, stochastic approximation {cite:p}`robbins1951`, averaging {cite:p}`polyak1992`, line search {cite:p}`armijo1966`, the PL condition {cite:p}`karimi2016`, AdaGrad {cite:p}`duchi2011`, RMSProp {cite:p}`tieleman2012`, Adam {cite:p}`kingma2015`, Muon {cite:p}`jordan2024`, curricula {cite:p}`bengio2009`.
"""
