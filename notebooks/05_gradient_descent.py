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

Two balls start at the same point on the wall of the same narrow valley. Both feel only the slope under their feet. The first takes the best constant step there is. The second takes a step too, but also repeats a part of its last move. How much can one line of code matter?
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
import torch

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
)

plot.style()
torch.set_num_threads(1)


# %% tags=["remove-cell"]
@exercise.define("level-walk")
def _(answer):
    v = np.asarray(answer, float)
    assert v.shape == (2,), "a direction in the plane is a pair"
    assert abs(np.linalg.norm(v) - 1) < 1e-6, (
        f"its length is {np.linalg.norm(v):.3f}, not 1"
    )
    up = f_ellipse(np.ones(2) + 1e-4 * v) - f_ellipse(np.ones(2) - 1e-4 * v)
    assert abs(up) < 1e-7, f"that way the slope is {up / 2e-4:.2f}"
    return True


@exercise.define("largest-step")
def _(answer):
    H = np.array([[4.0, 1, 0], [1, 3, 1], [0, 1, 2]])
    below, above = (
        np.linalg.norm(
            gradient_descent(lambda x: H @ x, np.ones(3), s * answer, 4000)[-1]
        )
        for s in (0.999, 1.001)
    )
    assert below < 1, "with 0.999 of your step it does not converge"
    assert above > 1, "a slightly larger step would still converge"
    return True


@exercise.define("half-life")
def _(answer):
    for kappa in (3.0, 50.0, 400.0):
        left = ((kappa - 1) / (kappa + 1)) ** answer(kappa)
        assert abs(left - 0.5) < 1e-9, (
            f"for κ = {kappa:g} your number of steps leaves {left:.3f}, not half"
        )
    return True


@exercise.define("broken-tangent")
def _(answer):
    (x, y), f = answer, lambda x: x**4 - x**2
    slope_x = (f(x + 1e-5) - f(x - 1e-5)) / 2e-5
    assert f(y) < f(x) + slope_x * (y - x) - 1e-6, (
        "at this pair the tangent lies below the curve; where is the curvature negative?"
    )
    return True


@exercise.define("amplifier")
def _(answer):
    assert 0 <= answer < 1, "β lies in [0, 1)"
    length = abs(np.diff(heavy_ball(lambda x: 1.0, 0.0, 1.0, answer, 3000))[-1])
    assert abs(length - 25) < 1e-6, f"the move tends to {length:.2f} plain steps"
    return True


@exercise.define("tune-heavy-ball")
def _(answer):
    eta, beta = answer
    worst = factor_per_step(eta * np.linspace(1, 400, 2000), beta).max()
    assert worst < 19 / 21 * 1.001, (
        f"the slowest direction keeps {worst:.4f} a step; 19/21 = {19 / 21:.4f} can be had"
    )
    return True


@exercise.define("newton-step")
def _(answer):
    for x, a in ((1.0, 2.0), (3.0, 5.0), (0.7, 0.2)):
        grad, hess = x**2 - a, 2 * x
        assert abs(answer(x, a) - (x - grad / hess)) < 1e-9, (
            "the step is f′/f″ with f′ = x² − a"
        )
    return True


@exercise.define("quiet-step")
def _(answer):
    assert 0 < answer < 2, "a stable step lies between 0 and 2"
    V = 0.0
    for _ in range(5000):
        V = (1 - answer) ** 2 * V + answer**2 / 4
    assert abs(V**0.5 - 0.1) < 1e-4, (
        f"your step fluctuates with standard deviation {V**0.5:.4f}"
    )
    return True


@exercise.define("first-step")
def _(answer):
    for b1, b2 in ((0.9, 0.999), (0.5, 0.9), (0.8, 0.96)):
        m, v = (1 - b1) * 7.0, (1 - b2) * 49.0  # the gradient is 7
        assert abs(answer(b1, b2) - m / v**0.5) < 1e-9, (
            f"wrong for β₁ = {b1}, β₂ = {b2}"
        )
    return True


@exercise.define("own-gradient")
def _(answer):
    rng = np.random.default_rng(0)
    A, w = rng.normal(size=(7, 3)), rng.normal(size=3)
    f = lambda w: np.log1p(np.exp(A @ w)).sum() + (w**4).sum()
    numeric = [(f(w + e) - f(w - e)) / 2e-5 for e in 1e-5 * np.eye(3)]
    assert np.shape(answer(A, w)) == (3,), "the gradient has the shape of w"
    assert np.allclose(answer(A, w), numeric, atol=1e-6), (
        "it differs from central differences"
    )
    return True


@exercise.define("picky-step")
def _(answer):
    assert 0 < answer < 0.1, "no step of that size settles anywhere"
    fits = {k for k in range(4) if answer < 2 / sharpness[k]}
    assert len(fits) == 2, (
        f"with this step {len(fits)} of the minima can hold the iterate"
    )
    return True


@exercise.define("adamw")
def _(answer):
    w = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64)
    opt = torch.optim.AdamW([w], lr=0.05, weight_decay=0.1)
    for _ in range(30):
        opt.zero_grad()
        (scale * w**2).sum().backward()
        opt.step()
    ours = answer(
        lambda x: 2 * scale.numpy() * x, np.array([1.0, -2.0, 3.0]), 0.05, 30, 0.1
    )
    assert np.allclose(ours, w.detach(), atol=1e-10), (
        "the end point differs from torch.optim.AdamW; does the decay pass through m and v?"
    )
    return True


@exercise.define("rosenbrock")
def _(answer):
    calls = []
    end = answer(
        lambda x: (calls.append(1), optimize.rosen_der(x))[1], np.array([-1.2, 1.0])
    )
    assert len(calls) <= 2000, f"{len(calls)} gradients, allowed are 2,000"
    gap = np.linalg.norm(np.asarray(end) - 1)
    assert gap < 1e-4, f"the end is {gap:.1e} away from (1, 1)"
    return True


# %% tags=["picture"] mystnb={"image": {"alt": "Distance to the minimum on a logarithmic axis against steps. The ball with the slope only needs 939 steps to come within 1e-8, the ball that repeats a part of its last move needs 119."}}
def distances(eta, beta, kappa=100.0, tol=1e-8):
    """Distance to the minimum of (x₁² + κx₂²)/2 after every step, until below tol."""
    steepness = np.array([1.0, kappa])
    x = before = np.ones(2)
    out = [np.linalg.norm(x)]
    while out[-1] >= tol:
        x, before = x - eta * steepness * x + beta * (x - before), x
        out.append(np.linalg.norm(x))
    return out


first_ball = distances(eta=2 / 101, beta=0)
second_ball = distances(eta=(2 / 11) ** 2, beta=(9 / 11) ** 2)

plt.semilogy(first_ball, color=plot.BLUE, label="slope only")
plt.semilogy(second_ball, color=plot.RED, label="slope and a part of the last move")
plt.xlabel("steps")
plt.ylabel("distance to the minimum")
plt.legend()
plt.show()

# %% [markdown]
r"""
The first needs 939 steps, the second 119. Neither number was found by trying: by the middle of this chapter you will compute both with a pencil, and know that no method that feels only slopes could do much better than the second. On the way there is one number to watch, the *condition number*. It decides how long everything takes, and the chapter is the story of what can be done about it: remember (momentum), bend the space (Newton), live with noise (stochastic gradients), and give every coordinate a step of its own (Adam).

You will be able to

- **derive** why the gradient is the way to go and how far curvature lets you go,
- **predict** the number of steps before running anything,
- **build** gradient descent, momentum, Nesterov's method, SGD and Adam in a few lines each, equal to PyTorch's,
- **choose** a method, a step and a schedule with a reason, and say what a fair comparison of optimisers needs.

It builds on eigenvalues and eigenvectors of symmetric matrices ([Linear algebra](#spectral-theorem)) and on partial derivatives. Reading takes an hour and a half; all cells run in less than half a minute. Throughout, $f$ is what we minimise, $g=\nabla f$ its gradient, $H$ its matrix of second derivatives, $\eta$ the step size or *learning rate*.

(optimization-problem)=
**The problem.** Given $f:\mathbb R^d\to\mathbb R$, find a *minimiser* $x^*\in\arg\min_x f(x)$; the value $f^*=f(x^*)$ is the *minimum*. In general this is hopeless: a function that is zero except for one deep hole somewhere defeats every method. What can be done depends on what is known about $f$. Compare two functions of two variables, a bowl and the same bowl with an egg box laid over it, with one good optimiser and a hundred random starts each.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Two contour plots with the end points of a hundred runs. On the bowl all of them coincide, on Rastrigin's function they are scattered over a grid of local minima."}}
from scipy import optimize


def rastrigin(x):
    return 20 + sum(x**2 - 10 * np.cos(2 * np.pi * x))


def bowl(x):
    return x @ x


hundred_starts = np.random.default_rng(0).uniform(-5, 5, (100, 2))
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.3), sharey=True)
run_ends = {}
for ax, f in zip(axes, (bowl, rastrigin)):
    run_ends[f] = np.array([optimize.minimize(f, x).x for x in hundred_starts])
    plot.contours(
        ax,
        lambda x, y: np.apply_along_axis(f, 0, np.array([x, y])),
        (-5, 5),
        (-5, 5),
        8,
    )
    ax.plot(*run_ends[f].T, ".", color=plot.RED, markersize=9)
    ax.set(title="bowl" if f is bowl else "bowl with an egg box", xlabel="$x_1$")
axes[0].set_ylabel("$x_2$")
plt.show()

# %% tags=["checks"]
verify(
    "bowl: all hundred runs end in its only minimum",
    run_ends[bowl],
    np.zeros((100, 2)),
    atol=1e-5,
)
verify_at_least(
    "egg box: different local minima in which the runs end",
    len({tuple(x) for x in np.round(run_ends[rastrigin], 2)}),
    11,
)

# %% [markdown]
r"""
(which-way)=
## Which way is down?

Every network is trained by asking one question a million times: if I nudge the weights a little, which nudge lowers the loss most? Take $f(x,y)=x^2+3y^2$ and stand at $(1,1)$, at height 4.

(partial-derivative-and-gradient)=
**Along the axes.** A step $h$ to the right leads to height $(1+h)^2+3=4+2h+h^2$: for small $h$ the slope is 2. A step $h$ upwards gives $1+3(1+h)^2=4+6h+3h^2$: slope 6. These are the *partial derivatives*, each taken with the other variable held still, and together they form the *gradient*, a vector of the shape of $x$:

$$
\nabla f(x)=\Bigl(\frac{\partial f}{\partial x_1},\dots,\frac{\partial f}{\partial x_d}\Bigr)^\top,\qquad \nabla f(1,1)=(2,6)^\top .
$$ (eq-gradient)

(directional-derivative)=
**In any direction.** Walk along a unit vector $v$. The height after a distance $t$ is $\varphi(t)=f(x+tv)$, and by the chain rule its slope at $t=0$ is

$$
\varphi'(0)=\sum_i\frac{\partial f}{\partial x_i}v_i=\langle\nabla f(x),v\rangle .
$$ (eq-directional)

So two numbers know the slope in every direction. Along the diagonal $v=(1,1)/\sqrt2$ it is $(2+6)/\sqrt2\approx5.7$, nearly as steep as it gets.
"""


# %%
def f_ellipse(x):  # x (2, ...)
    return x[0] ** 2 + 3 * x[1] ** 2


def grad_ellipse(x):
    return np.array([2 * x[0], 6 * x[1]])


def slope(x, v):
    return grad_ellipse(x) @ v


# %% tags=["checks"]
spots = np.random.default_rng(1).normal(size=(50, 2))
spots_torch = torch.tensor(spots.T, requires_grad=True)
f_ellipse(spots_torch).sum().backward()
verify(
    "the gradient at fifty points, by automatic differentiation",
    np.array([grad_ellipse(x) for x in spots]),
    spots_torch.grad.T,
    atol=1e-12,
)
turns = [np.array([math.cos(a), math.sin(a)]) for a in np.linspace(0, 6, 40)]
verify(
    "its product with v is the slope along v, by differences",
    [slope(spots[0], v) for v in turns],
    [
        (f_ellipse(spots[0] + 1e-5 * v) - f_ellipse(spots[0] - 1e-5 * v)) / 2e-5
        for v in turns
    ],
    atol=1e-8,
)

# %% [markdown]
r"""
(gradient-steepest-ascent)=
**The steepest.** How does the slope depend on the direction? Turn the arrow and watch its slope move along the curve on the right, which is a plain cosine.
"""


# %% tags=["picture"]
def turn(angle):
    v = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.0))
    plot.contours(left, lambda x, y: x**2 + 3 * y**2, (-0.8, 2.8), (-0.4, 2.4), 12)
    arrow = dict(angles="xy", scale_units="xy", scale=1, width=0.012, zorder=3)
    left.quiver(1, 1, *(0.2 * np.array([2, 6])), color=plot.GREY, **arrow)
    left.quiver(1, 1, *v, color=plot.RED, **arrow)
    left.set(aspect="equal", xlabel="$x$", ylabel="$y$", title="grey: the gradient")
    degrees = np.arange(0, 361)
    right.plot(
        degrees,
        2 * np.cos(np.radians(degrees)) + 6 * np.sin(np.radians(degrees)),
        color=plot.BLUE,
    )
    right.plot(angle, 2 * v[0] + 6 * v[1], "o", color=plot.RED)
    right.set(
        xlabel="direction in degrees",
        title=f"slope {2 * v[0] + 6 * v[1]:.2f}",
        xticks=[0, 90, 180, 270, 360],
    )
    return fig


explore(
    turn,
    alt="Left: contour lines and an arrow of the chosen direction at (1, 1). Right: its slope on a cosine curve, largest in the direction of the gradient, zero along the contour line",
    angle=[0, 30, 60, 71.6, 90, 120, 161.6, 200, 251.6, 300, 341.6],
)

# %% [markdown]
r"""
By Cauchy and Schwarz $\langle\nabla f,v\rangle\le\|\nabla f\|\,\|v\|$, with equality exactly when $v$ points along $\nabla f$. Among all directions of length one the gradient is therefore the direction of *steepest ascent*, and its length $\|\nabla f\|$ is that slope: here $\sqrt{40}\approx6.3$ at $71.6°$. Downhill is the opposite way.

(level-set)=
**The flattest.** At $161.6°$, a quarter turn from the gradient, the slope is zero: that way runs the *level set* $\{x:f(x)=c\}$, the contour line through our point.

(gradient-orthogonal-to-level-set)=
That is no accident of this function. If a curve $\gamma(t)$ stays in a level set, then $f(\gamma(t))$ is constant and

$$
0=\frac{d}{dt}f(\gamma(t))=\langle\nabla f(\gamma(t)),\dot\gamma(t)\rangle ,
$$ (eq-orthogonal)

so wherever $f$ is differentiable, in any dimension, the gradient is zero or stands at a right angle on the level set. A gradient step leaves the contour line at a right angle. Remember this when the ball zigzags.
"""

# %% tags=["checks"]
fine = np.radians(np.linspace(0, 360, 3601))
scan = [slope(np.ones(2), np.array([math.cos(a), math.sin(a)])) for a in fine]
verify(
    "steepest of 3,600 directions: angle",
    fine[np.argmax(scan)],
    math.atan2(6, 2),
    atol=1e-3,
)
verify(
    "its slope is the length of the gradient", max(scan), math.hypot(2, 6), rtol=1e-5
)
around = np.linspace(0, 2 * np.pi, 200)
ellipse = np.array([2 * np.cos(around), 2 / math.sqrt(3) * np.sin(around)])  # f = 4
tangent = np.gradient(ellipse, around, axis=1)[:, 1:-1]
verify(
    "gradient times tangent, all around the contour line of height 4",
    (grad_ellipse(ellipse)[:, 1:-1] * tangent).sum(0),
    np.zeros(198),
    atol=2e-3,
)

# %% [markdown]
r"""
**Try it.** You stand at $(1,1)$ on $f=x^2+3y^2$ and want to keep your height. Give a direction of length one.
"""

# %% tags=["yours"]
level_walk = ...  # a pair (v1, v2)

exercise("level-walk").check(level_walk)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Orthogonal to $(2,6)$ is $(3,-1)$, or its opposite; its length is $\sqrt{10}$.

```python
level_walk = (3 / 10**0.5, -1 / 10**0.5)
```

</details>
"""

# %% [markdown]
r"""
(how-far)=
## How far?

(gradient-descent)=
The direction is settled. *Gradient descent* takes a step that way, looks again, and repeats:

$$
x_{t+1}=x_t-\eta\,\nabla f(x_t).
$$ (eq-gd)

It stops when the gradient is nearly zero or patience runs out. Note that the step has length $\eta\|\nabla f\|$, not $\eta$: on flat ground it shrinks by itself.
"""


# %%
def gradient_descent(grad, x, eta, steps):
    path = [np.asarray(x, float)]
    for _ in range(steps):
        path.append(path[-1] - eta * grad(path[-1]))
    return np.array(path)  # (steps + 1, d)


# %% [markdown]
r"""
(learning-rate)=
What is a good $\eta$? Start with one parabola, $f(x)=\frac\lambda2x^2$. Its slope is $\lambda x$, so a step multiplies $x$ by a constant,

$$
x_{t+1}=(1-\eta\lambda)\,x_t .
$$ (eq-factor)

Take $\lambda=1$ and $x_0=1$. With $\eta=\frac12$ the ball goes $1,\frac12,\frac14,\dots$ With $\eta=1$ it is there at once. With $\eta=\frac32$ it overshoots and comes back: $1,-\frac12,\frac14,\dots$ With $\eta=2$ it jumps between $1$ and $-1$ for ever, and with $\eta=\frac52$ it is thrown out. In one sentence: it converges exactly when $|1-\eta\lambda|<1$, that is,

$$
0<\eta<\frac2\lambda .
$$ (eq-stable)

**Curvature limits the step.** Before you move the slider, guess what happens between 1.9 and 2.1.
"""


# %% tags=["picture"]
def bounce(eta):
    path = gradient_descent(lambda x: x, [1.0], eta, 12)[:, 0]
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    x = np.linspace(-2.6, 2.6, 200)
    ax.plot(x, x**2 / 2, color=plot.GREY)
    inside = path[abs(path) < 2.6]
    ax.plot(inside, inside**2 / 2, ".-", color=plot.RED, ms=9, lw=1)
    ax.set(
        ylim=(-0.15, 2.8),
        xlabel="$x$",
        title=f"each step multiplies by {1 - eta:.2f}".replace("-", "−"),
    )
    return fig


explore(
    bounce,
    alt="A ball on the parabola x squared over two, twelve gradient steps: it creeps for small step sizes, is at the bottom in one step at 1, bounces at 1.9, stays on the walls at 2 and climbs out beyond",
    eta=[0.1, 0.3, 0.6, 1.0, 1.4, 1.7, 1.9, 2.0, 2.05, 2.1, 2.3],
)

# %% tags=["checks"]
for_parabola = [
    gradient_descent(lambda x: 3 * x, [1.0], eta, 40)[:, 0]
    for eta in (0.1, 1 / 3, 0.5, 0.7)
]
verify(
    "forty steps at four rates, λ = 3: powers of 1 − ηλ",
    for_parabola,
    [(1 - 3 * eta) ** np.arange(41) for eta in (0.1, 1 / 3, 0.5, 0.7)],
    atol=1e-10,
    rtol=1e-10,
)
torch_x = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
torch_sgd = torch.optim.SGD([torch_x], lr=0.05)
for _ in range(30):
    torch_sgd.zero_grad()
    f_ellipse(torch_x).backward()
    torch_sgd.step()
verify(
    "thirty steps of torch.optim.SGD",
    gradient_descent(grad_ellipse, [1.0, -2.0], 0.05, 30)[-1],
    torch_x,
    atol=1e-12,
)

# %% [markdown]
r"""
(second-order-taylor-model)=
**Close up, everything is a parabola.** Look at $f$ from $x$ along a step $s$: $\varphi(t)=f(x+ts)$ has slope $\varphi'(0)=\nabla f^\top s$, and differentiating once more, $\varphi''(0)=\sum_{ij}\frac{\partial^2f}{\partial x_i\partial x_j}s_is_j$. Taylor's formula in one variable then gives

$$
f(x+s)=f(x)+\nabla f(x)^\top s+\tfrac12\,s^\top H(x)\,s+O(\|s\|^3).
$$ (eq-taylor)

(hessian)=
The matrix $H_{ij}=\frac{\partial^2f}{\partial x_i\partial x_j}$ is the *Hessian*: how the slope in direction $i$ changes when one moves along $j$. It is symmetric wherever the second derivatives are continuous. For $f=x^2y+3y^2$ the gradient is $(2xy,\;x^2+6y)$ and the Hessian $\begin{pmatrix}2y&2x\\2x&6\end{pmatrix}$.

(curvature-limits-step-size)=
**What one step does.** Put $s=-\eta g$ into the model:

$$
f(x-\eta g)\approx f(x)-\eta\|g\|^2+\frac{\eta^2}2\,g^\top Hg .
$$ (eq-step-model)

The first term is the gain, the second the bill that curvature sends. If $g^\top Hg>0$, the step pays as long as $\eta<2\|g\|^2/g^\top Hg$, and pays best at half of that. No direction is curved more than the largest eigenvalue $L$ of $H$, so $\eta<2/L$ is always on the safe side.
"""


# %%
def model_change(g, H, eta):
    return -eta * g @ g + eta**2 / 2 * g @ H @ g


def largest_paying_step(g, H):
    return 2 * (g @ g) / (g @ H @ g)


# %% tags=["checks"]
def f_bent(x):
    return x[0] ** 2 * x[1] + 3 * x[1] ** 2


def hessian_bent(x):
    return np.array([[2 * x[1], 2 * x[0]], [2 * x[0], 6.0]])


here = np.array([1.2, 0.7])
verify(
    "the Hessian done by hand, by automatic differentiation",
    hessian_bent(here),
    torch.autograd.functional.hessian(f_bent, torch.tensor(here)),
    atol=1e-12,
)
g_here = np.array([2 * here[0] * here[1], here[0] ** 2 + 6 * here[1]])
shrinking = np.array([1e-2, 1e-3])
missed = [
    f_bent(here - eta * g_here)
    - f_bent(here)
    - model_change(g_here, hessian_bent(here), eta)
    for eta in shrinking
]
verify(
    "a ten times smaller step misses the model by a thousandth as much",
    missed[0] / missed[1],
    1000.0,
    rtol=0.02,
)
rng = np.random.default_rng(3)
for_bowls = []
for _ in range(200):
    root = rng.normal(size=(4, 4))
    H4, x4 = root @ root.T, rng.normal(size=4)
    edge = largest_paying_step(H4 @ x4, H4)
    for_bowls.append(
        [
            (y @ H4 @ y) / (x4 @ H4 @ x4)
            for y in (x4 - 0.99 * edge * H4 @ x4, x4 - 1.01 * edge * H4 @ x4)
        ]
    )
verify(
    "200 random bowls: a step just short of the edge pays, one just beyond does not",
    np.array(for_bowls) < 1,
    np.tile([True, False], (200, 1)).astype(int),
)

# %% [markdown]
r"""
(l-smoothness)=
**A step that is safe everywhere.** The model is only local. To be sure one needs a bound on the curvature along the whole way: $f$ is called *$L$-smooth* when its gradient changes by at most $L\|x-y\|$ between any two points. Then, by the fundamental theorem of calculus,

$$
f(x+s)-f(x)-\nabla f(x)^\top s=\int_0^1\bigl(\nabla f(x+ts)-\nabla f(x)\bigr)^\top s\,dt\le\int_0^1Lt\|s\|^2dt=\frac L2\|s\|^2,
$$

and with $s=-\eta g$ and $\eta=1/L$ every step lowers $f$ by at least

$$
f(x)-f(x-\tfrac1Lg)\ge\frac1{2L}\|g\|^2 .
$$ (eq-descent)

This *descent lemma* needs no convexity. If $f$ is bounded below, the sum of all $\|g\|^2$ is finite: the gradient tends to zero, whatever the landscape.

**A prediction.** Himmelblau's function $(x^2+y-11)^2+(x+y^2-7)^2$ has four minima, all of value 0. If [the rule](#eq-stable) is right, gradient descent can only settle where the curvature is below $2/\eta$. So a large step should *choose* among the minima: it cannot stay in a sharp one. The largest eigenvalues of the Hessian there are
"""


# %%
def himmelblau(x, y):
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def grad_himmelblau(p):  # p (2, ...)
    x, y = p
    u, v = x**2 + y - 11, x + y**2 - 7
    return np.array([4 * x * u + 2 * v, 2 * u + 4 * y * v])


def hessian_himmelblau(p):
    x, y = p
    return np.array(
        [[12 * x**2 + 4 * y - 42, 4 * (x + y)], [4 * (x + y), 12 * y**2 + 4 * x - 26]]
    )


# %% tags=["set-up"]
rough = [(3, 2), (-2.8, 3.1), (-3.8, -3.3), (3.6, -1.8)]
four_minima = np.array([optimize.fsolve(grad_himmelblau, p, xtol=1e-13) for p in rough])
sharpness = np.array(
    [np.linalg.eigvalsh(hessian_himmelblau(p))[-1] for p in four_minima]
)
for p, L in zip(four_minima, sharpness):
    print(
        f"({p[0]:6.3f}, {p[1]:6.3f})   largest curvature {L:6.1f}   so η < {2 / L:.4f}"
    )

# %% [markdown]
r"""
Now two step sizes, one below all four limits and one between them; 900 starts each, coloured by the minimum in which they end.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Two maps of starting points coloured by where gradient descent ends. With the small step four colours meet. With the larger step the colour of the sharpest minimum is gone and its region is grey, not settled."}}
grid = np.array(np.meshgrid(np.linspace(-5, 5, 30), np.linspace(-5, 5, 30))).reshape(
    2, -1
)


def settle(eta, steps=1500):
    """Index of the minimum where each start of the grid settles, −1 where it does not."""
    x = grid
    for _ in range(steps):
        x = np.clip(x - eta * grad_himmelblau(x), -6, 6)
    gap = np.linalg.norm(x[:, None] - four_minima.T[:, :, None], axis=0)  # (4, 900)
    return np.where(gap.min(0) < 1e-3, gap.argmin(0), -1)


settled = {eta: settle(eta) for eta in (0.012, 0.0165)}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.5), sharey=True)
for ax, (eta, where) in zip(axes, settled.items()):
    colours = np.array([plot.BLUE, plot.ORANGE, plot.GREEN, plot.PURPLE, "#CCCCCC"])
    ax.scatter(*grid, c=colours[where], s=14, marker="s")
    for p, L in zip(four_minima, sharpness):
        ax.plot(*p, "*" if eta < 2 / L else "x", color="black", ms=9, mew=2)
    ax.set(title=rf"$\eta={eta}$", xlabel="$x$", aspect="equal")
axes[0].set_ylabel("$y$")
plt.show()

# %% [markdown]
r"""
With the larger step the sharpest minimum, the cross at the lower left, has lost every single start: what comes near it never settles. It is no less a minimum than the others. Gradient descent has a taste, and the taste is set by $\eta$.
"""

# %% tags=["checks"]
verify(
    "gradient and Hessian agree: differences of one are the other",
    [
        (
            grad_himmelblau(np.array([1.3, -0.4]) + e)
            - grad_himmelblau(np.array([1.3, -0.4]) - e)
        )
        / 2e-6
        for e in 1e-6 * np.eye(2)
    ],
    hessian_himmelblau((1.3, -0.4)),
    rtol=1e-6,
)
torch_p = torch.tensor([1.3, -0.4], dtype=torch.float64, requires_grad=True)
himmelblau(*torch_p).backward()
verify(
    "the gradient, by automatic differentiation",
    grad_himmelblau((1.3, -0.4)),
    torch_p.grad,
    atol=1e-10,
)
stable = {eta: {k for k in range(4) if eta < 2 / sharpness[k]} for eta in settled}
verify(
    "small step: minima in which runs settle",
    len(set(settled[0.012]) - {-1}),
    len(stable[0.012]),
)
verify(
    "large step: minima in which runs settle are those below 2/η",
    tuple(sorted(set(settled[0.0165]) - {-1})),
    tuple(sorted(stable[0.0165])),
)
verify_at_least(
    "large step: starts that never settle", np.mean(settled[0.0165] == -1), 0.1
)

# %% [markdown]
r"""
**Try it.** Near a minimum the Hessian is $\begin{pmatrix}4&1&0\\1&3&1\\0&1&2\end{pmatrix}$. What is the limit of the learning rate?
"""

# %% tags=["yours"]
largest_step = ...  # a number

exercise("largest-step").check(largest_step)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
largest_step = 2 / np.linalg.eigvalsh([[4, 1, 0], [1, 3, 1], [0, 1, 2]])[-1]
```

</details>
"""

# %% [markdown]
r"""
(one-number)=
## One number

One parabola is easy: $\eta=1/\lambda$ and you are there. The trouble is that a valley has two. Take $f(x)=\frac12(x_1^2+3x_2^2)$ and start at $(1,1)$. The two coordinates do not know of each other: the first is multiplied by $1-\eta$ in each step, the second by $1-3\eta$. With $\eta=1$ the first is done at once, but the second explodes. With $\eta=\frac13$ the second is done at once and the first crawls. A compromise is $\eta=\frac12$, with factors $\frac12$ and $-\frac12$: the path $(1,1),(\frac12,-\frac12),(\frac14,\frac14),\dots$ zigzags home.

Nothing changes for a valley that lies askew. If $f(x)=\frac12x^\top Hx$ and $Hq_i=\lambda_iq_i$, write $x=\sum_ic_iq_i$; then $\nabla f=Hx=\sum_i\lambda_ic_iq_i$, so every eigen-coordinate goes its own way,

$$
c_i\leftarrow(1-\eta\lambda_i)\,c_i .
$$ (eq-eigen-factor)

(condition-number)=
Let all $\lambda_i$ lie between $\mu$ and $L$. The slowest coordinate decides, and $\max_i|1-\eta\lambda_i|$ is smallest when the two ends are equally bad, $1-\eta\mu=\eta L-1$:

$$
\eta=\frac2{L+\mu},\qquad\text{factor per step}\quad\frac{L-\mu}{L+\mu}=\frac{\kappa-1}{\kappa+1},\qquad\kappa=\frac L\mu .
$$ (eq-best-step)

Here it is, the one number: $\kappa$, the *condition number* of the Hessian. Not the size of the problem, not the number of variables, not the height of the walls. Only how differently curved the valley is along and across. Since $\ln\frac{\kappa+1}{\kappa-1}\approx\frac2\kappa$, each factor $e$ of accuracy costs $\kappa/2$ steps.
"""


# %%
def gd_steps(kappa, accuracy):
    factor = (kappa - 1) / (kappa + 1)
    return math.ceil(math.log(accuracy) / math.log(factor))


# %% [markdown]
r"""
There goes the first ball. Its valley has $\kappa=100$, and the distance starts at $\sqrt2$ and has to come down to $10^{-8}$: $\lceil\ln(10^{-8}/\sqrt2)/\ln\frac{99}{101}\rceil=939$ steps. Make the valley narrower, and look for an $\eta$ that is good for both directions.
"""


# %% tags=["picture"]
def valley(kappa, fraction_of_limit):
    lam = np.array([1.0, kappa])
    path = gradient_descent(
        lambda x: lam * x, [9.0, 9 / kappa], fraction_of_limit * 2 / kappa, 40
    )
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    plot.contours(
        ax,
        lambda x, y: 0.5 * (x**2 + kappa * y**2),
        (-10, 10),
        (-2.5, 2.5),
        np.geomspace(0.2, 45, 9),
    )
    plot.path(ax, path)
    ax.set(
        xlabel="$x_1$",
        ylabel="$x_2$",
        title=f"distance left after 40 steps: {np.linalg.norm(path[-1]) / np.linalg.norm(path[0]):.1e}",
    )
    return fig


explore(
    valley,
    alt="Contours of an elongated bowl with forty steps of gradient descent: in a round bowl they run straight to the middle, in a narrow one they creep when small and zigzag when large",
    kappa=[1.5, 5, 20, 80],
    fraction_of_limit=[0.1, 0.3, 0.5, 0.7, 0.9, 0.97],
)

# %% [markdown]
r"""
Where do such valleys come from? From units, for instance. Predict a price from the number of rooms (1 to 8) and the area in square feet (500 to 3,000): in least squares, $f(w)=\frac1{2n}\|Xw-y\|^2$, the Hessian is $X^\top X/n$, one feature is measured in ones and the other in thousands, and $\kappa$ is about their ratio *squared*. Centre the columns and divide them by their spread, and it collapses.
"""

# %%
rng = np.random.default_rng(4)
rooms = rng.uniform(1, 8, 500)
area = 350 * rooms + rng.normal(0, 200, 500)


def condition_of(X):
    lam = np.linalg.eigvalsh(X.T @ X / len(X))
    return lam[-1] / lam[0]


raw = np.c_[rooms, area]
standard = (raw - raw.mean(0)) / raw.std(0)
print(f"raw {condition_of(raw):.1e}, standardised {condition_of(standard):.1f}")

# %% [markdown]
r"""
What is left after standardising is the correlation $r$ of the two features: the Hessian is then $\begin{pmatrix}1&r\\r&1\end{pmatrix}$, so $\kappa=\frac{1+r}{1-r}$. For the same reason networks like their inputs standardised and their layers normalised.

The condition number has a second life, which gave it its name: solving $Ax=b$ can magnify a relative error of $b$ by up to $\kappa(A)=\sigma_{\max}/\sigma_{\min}$.
"""

# %% tags=["checks"]
verify(
    "the first ball: steps run against steps computed",
    len(first_ball) - 1,
    gd_steps(100, 1e-8 / math.sqrt(2)),
)
H6 = np.random.default_rng(5).normal(size=(6, 6))
H6 = H6 @ H6.T + np.eye(6)
lam6, Q6 = np.linalg.eigh(H6)
best6 = 2 / (lam6[0] + lam6[-1])
path6 = gradient_descent(lambda x: H6 @ x, np.ones(6), best6, 30)
verify(
    "askew, six dimensions: every eigen-coordinate has its own factor",
    path6 @ Q6,
    (1 - best6 * lam6) ** np.arange(31)[:, None] * (Q6.T @ np.ones(6)),
    atol=1e-10,
)
rates = np.linspace(0.2, 1.99, 180) / lam6[-1]
verify(
    "no other fixed step has a smaller worst factor",
    rates[np.argmin([max(abs(1 - eta * lam6)) for eta in rates])],
    best6,
    rtol=0.02,
)
r = np.corrcoef(rooms, area)[0, 1]
verify(
    "standardised: (1 + r)/(1 − r)",
    condition_of(standard),
    (1 + r) / (1 - r),
    rtol=1e-9,
)
verify_at_least(
    "raw over standardised", condition_of(raw) / condition_of(standard), 1000
)
s_left, s_values, s_right = np.linalg.svd(H6)
for_worst = np.linalg.norm(np.linalg.solve(H6, 1e-6 * s_left[:, -1])) / np.linalg.norm(
    np.linalg.solve(H6, s_left[:, 0])
)
verify(
    "solving: the worst error is magnified by σmax/σmin",
    for_worst / 1e-6,
    s_values[0] / s_values[-1],
    rtol=1e-6,
)

# %% [markdown]
r"""
**Try it.** After how many steps of the best gradient descent is the distance *halved*, as a function of $\kappa$?
"""

# %% tags=["yours"]
half_life = ...  # a function of kappa, e.g. lambda kappa: kappa

exercise("half-life").check(half_life)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Solve $\bigl(\frac{\kappa-1}{\kappa+1}\bigr)^t=\frac12$. For large $\kappa$ it is about $\frac{\ln2}2\kappa$.

```python
half_life = lambda kappa: np.log(2) / np.log((kappa + 1) / (kappa - 1))
```

</details>
"""

# %% [markdown]
r"""
(downhill-enough)=
## When is downhill enough?

(nonconvex-landscape)=
Gradient descent ends where the gradient vanishes. Is that where we wanted to go? Take $f(x)=x^4-3x^2+x$. Its slope $4x^3-6x+1$ vanishes three times: in a deep valley, in a shallow one, and on the hill between them at $x\approx0.17$. A ball that starts left of the hill finds the deep valley, one that starts right of it finds the shallow one, and nothing that it can feel tells it so.
"""


# %% tags=["picture"] mystnb={"image": {"alt": "The curve with a deep valley on the left and a shallow one on the right. Runs that start on either side of the hill at 0.17 end in different valleys."}}
def grad_two_valleys(x):
    return 4 * x**3 - 6 * x + 1


curve_x = np.linspace(-2.05, 1.95, 300)
plt.plot(curve_x, curve_x**4 - 3 * curve_x**2 + curve_x, color=plot.GREY)
two_runs = {}
for start, colour in ((0.0, plot.BLUE), (0.3, plot.RED)):
    way = two_runs[start] = gradient_descent(grad_two_valleys, [start], 0.02, 60)[:, 0]
    plt.plot(
        way,
        way**4 - 3 * way**2 + way,
        ".-",
        color=colour,
        lw=1,
        label=f"from {start:g}",
    )
plt.xlabel("$x$")
plt.ylim(-4, 3)
plt.legend(loc="upper center")
plt.show()

# %% [markdown]
r"""
(stationary-points)=
In several dimensions there is a third kind of *stationary point* $\nabla f=0$. The function $x^2-y^2+\frac14y^4$ has the Hessian $\operatorname{diag}(2,\,3y^2-2)$. At $(0,\pm\sqrt2)$ both eigenvalues are positive: minima. At the origin one is negative: a *saddle*, a minimum along $x$ and a maximum along $y$. Start exactly on the ridge, at $(1,0)$, and gradient descent walks into the saddle and stays. Start beside it, at $(1,\delta)$, and it escapes, but how soon? Near the saddle each step multiplies $y$ by $1+2\eta$, so every decimal place of $\delta$ costs $\ln10/\ln(1+2\eta)$ steps: a delay like the logarithm of $1/\delta$.
"""


# %%
def grad_saddle(p):
    return np.array([2 * p[0], -2 * p[1] + p[1] ** 3])


def escape_time(delta, eta):
    path = gradient_descent(grad_saddle, [1.0, delta], eta, 600)
    return int(np.argmax(abs(path[:, 1]) > 0.5))


print("delta     1e-2  1e-4  1e-6  1e-8")
print("steps  ", *(f"{escape_time(d, 0.1):5d}" for d in (1e-2, 1e-4, 1e-6, 1e-8)))

# %% tags=["checks"]
valleys = np.sort(np.roots([4, 0, -6, 1]).real)
verify(
    "two starts, two valleys",
    [two_runs[0.0][-1], two_runs[0.3][-1]],
    valleys[[0, 2]],
    atol=1e-3,
)
verify(
    "left of the hill, right of the hill",
    gradient_descent(
        grad_two_valleys, valleys[1] + np.array([-1e-4, 1e-4]), 0.02, 2000
    )[-1],
    valleys[[0, 2]],
    atol=1e-8,
)
verify(
    "from (1, 0) to the saddle",
    gradient_descent(grad_saddle, [1.0, 0.0], 0.1, 300)[-1],
    [0.0, 0.0],
    atol=1e-12,
)
verify(
    "from (1, 1e-6) to a minimum",
    gradient_descent(grad_saddle, [1.0, 1e-6], 0.1, 300)[-1],
    [0.0, math.sqrt(2)],
    atol=1e-8,
)
verify(
    "six decimal places more",
    escape_time(1e-10, 0.1) - escape_time(1e-4, 0.1),
    6 * math.log(10) / math.log(1.2),
    atol=1.0,
)
verify(
    "the same at half the rate",
    escape_time(1e-10, 0.05) - escape_time(1e-4, 0.05),
    6 * math.log(10) / math.log(1.1),
    atol=1.0,
)

# %% [markdown]
r"""
(convex-function)=
**Convex functions have none of this.** A function is *convex* when every chord lies on or above the graph,

$$
f\bigl((1-\alpha)x+\alpha y\bigr)\le(1-\alpha)f(x)+\alpha f(y),\qquad0\le\alpha\le1 .
$$ (eq-convex)

(first-order-convexity-condition)=
Subtract $f(x)$, divide by $\alpha$ and let $\alpha\to0$: the left side becomes a directional derivative, and

$$
f(y)\ge f(x)+\nabla f(x)^\top(y-x)\qquad\text{for all }x,y .
$$ (eq-tangent)

*Every tangent lies below the whole graph.* (And if all do, $f$ is convex: put the tangent at the point $z$ of a chord under both its ends and average.) Read it at a point with $\nabla f(x)=0$: then $f(y)\ge f(x)$ for all $y$. One slope of zero, felt at one point, is a statement about the whole world.

(local-minima-of-convex-functions)=
:::{prf:theorem} Downhill is enough
:label: thm-convex
If $f$ is convex and differentiable, every stationary point is a global minimiser. The minimisers form a convex set: empty, a single point, or more.
:::

Empty happens: $e^x$ is convex and gradient descent runs for ever. More than one happens too: $\max(|x|-1,0)$ has a flat floor. What rules out both is a little curvature everywhere.

(strong-convexity)=
**And how fast?** Call $f$ *$\mu$-strongly convex* when under every point fits not only a line but a parabola of curvature $\mu>0$:

$$
f(y)\ge f(x)+\nabla f(x)^\top(y-x)+\frac\mu2\|y-x\|^2 .
$$ (eq-strong)

(pl-condition)=
Take the minimum over $y$ on both sides. On the left it is $f^*$; the parabola on the right is lowest at $y=x-g/\mu$, with value $f(x)-\frac1{2\mu}\|g\|^2$. Hence

$$
\tfrac12\|\nabla f(x)\|^2\ge\mu\,\bigl(f(x)-f^*\bigr),
$$ (eq-pl)

the *Polyak–Łojasiewicz condition*: whoever is far above the minimum feels a slope {cite:p}`karimi2016`.

(gd-rate-strongly-convex)=
Combine it with the [descent lemma](#eq-descent), $f(x_{t+1})\le f(x_t)-\frac1{2L}\|g\|^2$, and two lines of algebra give

$$
f(x_t)-f^*\le\Bigl(1-\frac\mu L\Bigr)^t\bigl(f(x_0)-f^*\bigr).
$$ (eq-linear-rate)

The straight line on the logarithmic plot is not a privilege of parabolas, and again only $\kappa=L/\mu$ counts. Nor did the last step use convexity: $x^2+3\sin^2x$ is wavy, yet has one stationary point, satisfies [the condition](#eq-pl), and obeys.
"""


# %%
def gap_and_bound(f, grad, x, mu, L, steps):
    path = gradient_descent(grad, x, 1 / L, steps)
    gap = np.array([f(x) for x in path])  # where f* = 0
    return gap, (1 - mu / L) ** np.arange(steps + 1) * gap[0]


def f_wavy(x):
    return x @ x + 3 * np.sin(x) @ np.sin(x)


def grad_wavy(x):
    return 2 * x + 3 * np.sin(2 * x)


# %% tags=["picture"] mystnb={"image": {"alt": "Left: the wavy curve and its parabola. Right: the gap of gradient descent on a logarithmic axis falls below the bound, a straight line."}}
wide = np.linspace(-10, 10, 20001)
wide = wide[abs(wide) > 1e-3]
mu_wavy = min(grad_wavy(x) ** 2 / (2 * (x**2 + 3 * np.sin(x) ** 2)) for x in wide)
gap_wavy, bound_wavy = gap_and_bound(
    f_wavy, grad_wavy, np.array([9.0]), mu_wavy, 8.0, 150
)
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.9))
left.plot(wide, wide**2 + 3 * np.sin(wide) ** 2, color=plot.BLUE)
left.set(xlabel="$x$", title=r"$x^2+3\sin^2x$")
right.semilogy(np.maximum(gap_wavy, 1e-20), color=plot.RED, label="gap")
right.semilogy(bound_wavy, "--", color=plot.GREY, label="bound")
right.set(xlabel="step", ylim=(1e-16, 1e3))
right.legend()
plt.show()

# %% tags=["checks"]
verify_at_least(
    "wavy: smallest |g|²/2(f − f*) on [−10, 10], against the 1/32 of the literature",
    mu_wavy,
    1 / 32,
    source="karimi2016",
)
verify(
    "wavy: curvature at π/2, so it is not convex",
    (grad_wavy(np.pi / 2 + 1e-5) - grad_wavy(np.pi / 2 - 1e-5)) / 2e-5,
    2 + 6 * math.cos(np.pi),
    rtol=1e-6,
)
verify(
    "wavy: its gradient, by differences",
    grad_wavy(np.array([1.7])),
    [(f_wavy(np.array([1.7 + 1e-6])) - f_wavy(np.array([1.7 - 1e-6]))) / 2e-6],
    rtol=1e-6,
)
for start in (9.0, -7.3, 4.1, 2.2):
    gap, bound = gap_and_bound(f_wavy, grad_wavy, np.array([start]), mu_wavy, 8.0, 60)
    verify_at_most(
        f"wavy, from {start}: gap over bound at every step", gap[1:] / bound[1:], 1.0
    )
ten = data.diabetes()
H10 = ten.X_train.T @ ten.X_train / len(ten.X_train) + 0.1 * np.eye(10)
lam10 = np.linalg.eigvalsh(H10)
gap10, bound10 = gap_and_bound(
    lambda x: 0.5 * x @ H10 @ x,
    lambda x: H10 @ x,
    np.ones(10),
    lam10[0],
    lam10[-1],
    400,
)
verify_at_most(
    "ridge regression on the diabetes data: gap over bound",
    gap10[1:] / bound10[1:],
    1.0,
)
verify(
    "its factor per step at the end is that of the slowest coordinate, squared",
    gap10[400] / gap10[399],
    (1 - lam10[0] / lam10[-1]) ** 2,
    rtol=1e-3,
)

# %% [markdown]
r"""
The bound is a promise, not a forecast: near the end the gap of a parabola falls by the *square* of $1-\mu/L$, twice as fast as promised.

**Try it.** The function $f(x)=x^4-x^2$ is not convex. Prove it with a pair $x,y$ at which [the tangent inequality](#eq-tangent) fails.
"""

# %% tags=["yours"]
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
"""

# %% [markdown]
r"""
(memory)=
## Remember the last move

(momentum-terminal-velocity)=
In the valley the ball wastes its time in two ways: across, it jumps to and fro; along, it creeps. So let it remember. Keep a velocity $v$, wear it down by a factor $\beta$ in every step, and let the slope push it. With $\beta=0.9$, $\eta=1$ and a constant slope of 1 the moves are $1,\;1.9,\;2.71,\;3.44,\dots$ and tend to $1+0.9+0.81+\dots=10$. If the slope alternates, $+1,-1,+1,\dots$, the moves tend to $1-0.9+0.81-\dots\approx0.53$. What agrees is multiplied by $\frac1{1-\beta}$, what disagrees by $\frac1{1+\beta}$. That is the cure for both diseases at once.

(momentum)=
$$
v_{t+1}=\beta v_t-\eta\nabla f(x_t),\qquad x_{t+1}=x_t+v_{t+1},\qquad v_0=0,\quad0\le\beta<1 .
$$ (eq-momentum)

This is Polyak's *heavy ball* {cite:p}`polyak1964`, *momentum* for short. Because $v_t=x_t-x_{t-1}$, it is the one line of the opening: $x_{t+1}=x_t-\eta\nabla f(x_t)+\beta(x_t-x_{t-1})$.
"""


# %%
def heavy_ball(grad, x, eta, beta, steps):
    path, v = [np.asarray(x, float)], 0.0
    for _ in range(steps):
        v = beta * v - eta * grad(path[-1])
        path.append(path[-1] + v)
    return np.array(path)


# %% tags=["checks"]
steady = np.diff(heavy_ball(lambda x: 5.0, 0.0, 0.1, 0.9, 400))
verify(
    "constant slope: the move tends to ηg/(1 − β)",
    steady[-1],
    -0.1 * 5 / (1 - 0.9),
    rtol=1e-9,
)
turning = itertools.cycle((5.0, -5.0))
jumpy = np.diff(heavy_ball(lambda x: next(turning), 0.0, 0.1, 0.9, 400))
verify(
    "alternating slope: to ηg/(1 + β)", abs(jumpy[-1]), 0.1 * 5 / (1 + 0.9), rtol=1e-9
)
w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
torch_momentum = torch.optim.SGD([w], lr=0.02, momentum=0.8)
for _ in range(50):
    torch_momentum.zero_grad()
    f_ellipse(w).backward()
    torch_momentum.step()
verify(
    "fifty steps of torch.optim.SGD with momentum",
    heavy_ball(grad_ellipse, [1.0, -2.0], 0.02, 0.8, 50)[-1],
    w,
    atol=1e-12,
)

# %% [markdown]
r"""
Save the valley that no learning rate could: $\kappa=40$, forty steps. Raise $\beta$ from zero and look for the moment when more becomes worse.
"""


# %% tags=["picture"]
def roll(beta, fraction_of_limit):
    lam = np.array([1.0, 40.0])
    path = heavy_ball(
        lambda x: lam * x, [9.0, 1.2], fraction_of_limit * 2 / 40, beta, 40
    )
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    plot.contours(
        ax,
        lambda x, y: 0.5 * (x**2 + 40 * y**2),
        (-10, 10),
        (-2.2, 2.2),
        np.geomspace(0.2, 180, 9),
    )
    plot.path(ax, path)
    ax.set(
        xlabel="$x_1$",
        ylabel="$x_2$",
        title=f"distance left after 40 steps: {np.linalg.norm(path[-1]) / np.linalg.norm(path[0]):.1e}",
    )
    return fig


explore(
    roll,
    alt="Forty steps of the heavy ball in a narrow valley: without momentum it zigzags or creeps, with some it rolls along the floor, with too much it swings past the minimum",
    beta=[0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95],
    fraction_of_limit=[0.3, 0.8],
)

# %% [markdown]
r"""
Why is there a best $\beta$, and where? One eigen-coordinate with curvature $\lambda$ follows $x_{t+1}=(1+\beta-\eta\lambda)x_t-\beta x_{t-1}$. Try $x_t=r^t$: it is a solution when

$$
r^2-(1+\beta-\eta\lambda)\,r+\beta=0 .
$$ (eq-characteristic)

The two roots have the product $\beta$, and the larger one decides. If they are complex, they are conjugate, both of size exactly $\sqrt\beta$, *whatever the curvature*. That is the heart of the matter: inside the complex region steep and flat directions converge equally fast. They are complex when $(1+\beta-\eta\lambda)^2<4\beta$, that is, when

$$
(1-\sqrt\beta)^2<\eta\lambda<(1+\sqrt\beta)^2 .
$$ (eq-complex)

Left of it the roots are real and positive: the ball creeps, too much friction. Right of it they are real and negative: it jumps from wall to wall, until at $\eta\lambda=2(1+\beta)$ it leaves. The map below shows the size of the larger root, that is, the factor per step, for every $\eta\lambda$ and $\beta$.
"""


# %%
def factor_per_step(eta_lam, beta):
    b = 1 + beta - eta_lam
    root = np.sqrt(b**2 - 4 * beta + 0j)
    return np.maximum(abs(b + root), abs(b - root)) / 2


# %% tags=["picture"] mystnb={"image": {"alt": "Map of the factor per step over the product of rate and curvature (horizontal) and momentum (vertical). A tongue of complex roots, where only momentum matters, is bounded by two curves that meet at 1 for zero momentum and reach from 0 to 4 at momentum one; beyond the line 2(1+beta) everything diverges. A horizontal segment spans the tongue at the best setting."}}
al, be = np.meshgrid(np.linspace(0, 4, 320), np.linspace(0, 1, 200))
fig, ax = plt.subplots(figsize=(6.8, 3.7))
shown = ax.pcolormesh(
    al,
    be,
    np.where(factor_per_step(al, be) > 1, np.nan, factor_per_step(al, be)),
    cmap="cividis",
    vmin=0,
    vmax=1,
    rasterized=True,
)
fig.colorbar(shown, label="factor per step")
tongue = np.linspace(0, 1, 200)
ax.plot((1 - np.sqrt(tongue)) ** 2, tongue, color="white", lw=1)
ax.plot((1 + np.sqrt(tongue)) ** 2, tongue, color="white", lw=1)
q = (math.sqrt(20) - 1) / (math.sqrt(20) + 1)
ax.plot([(1 - q) ** 2, (1 + q) ** 2], [q**2, q**2], "o-", color=plot.RED, lw=2.5)
ax.text(0.55, q**2 + 0.03, r"the valley $\kappa=20$ at its best", color="white")
ax.text(0.03, 0.06, "creeps", color="white", rotation=65)
ax.text(1.0, 0.75, "swings", color="white")
ax.text(1.62, 0.04, "jumps", color="black")
ax.text(3.0, 0.15, "leaves")
ax.set(xlabel=r"$\eta\lambda$", ylabel=r"$\beta$")
ax.grid(False)
plt.show()

# %% [markdown]
r"""
A valley is a horizontal segment on this map, from $\eta\mu$ to $\eta L$: one $\beta$, one $\eta$, all curvatures between. Where does one put a segment whose right end is $\kappa$ times as far out as its left end? As low as possible, because the factor is $\sqrt\beta$, but still inside the tongue. So both ends touch its edge, $\eta\mu=(1-\sqrt\beta)^2$ and $\eta L=(1+\sqrt\beta)^2$. (On [the live map](#live-race) you can drag a segment yourself.) Divide, take the root, solve:

$$
\sqrt\beta=\frac{\sqrt\kappa-1}{\sqrt\kappa+1},\qquad\eta=\Bigl(\frac2{\sqrt L+\sqrt\mu}\Bigr)^2,\qquad\text{factor per step}\quad\frac{\sqrt\kappa-1}{\sqrt\kappa+1} .
$$ (eq-heavy-ball)

Compare with [gradient descent](#eq-best-step): $\kappa$ has become $\sqrt\kappa$. For $\kappa=100$ the factor is $\frac9{11}$ instead of $\frac{99}{101}$.

**The second ball**, exactly. At the two edges of the tongue the roots coincide, and next to $r^t$ there is the solution $t\,r^t$. With $x_0=1$, $x_1=1-\eta\lambda$ and $q=\sqrt\beta$ one finds $(1+(1-q)t)\,q^t$ along the valley and $(1+(1+q)t)(-q)^t$ across it.
"""


# %%
def second_ball_distance(t, q):
    return q**t * math.hypot(1 + (1 - q) * t, 1 + (1 + q) * t)


steps_needed = next(
    t for t in itertools.count() if second_ball_distance(t, 9 / 11) < 1e-8
)
print("steps of the second ball, by pencil:", steps_needed)

# %% tags=["checks"]
verify("steps of the second ball, run", len(second_ball) - 1, steps_needed)
verify(
    "its distance in every step, run against pencil",
    second_ball,
    [second_ball_distance(t, 9 / 11) for t in range(steps_needed + 1)],
    rtol=1e-6,
    atol=1e-12,
)
eta_lams, betas = np.random.default_rng(6).uniform(
    [[0.01], [0.05]], [[3.9], [0.95]], (2, 300)
)
by_roots = [max(abs(np.roots([1, -(1 + b - a), b]))) for a, b in zip(eta_lams, betas)]
verify(
    "the map at 300 settings, against a root finder",
    factor_per_step(eta_lams, betas),
    by_roots,
    rtol=1e-6,
)
clear = abs(eta_lams - 2 * (1 + betas)) > 0.1
tails = [
    abs(heavy_ball(lambda x: a * x, 1.0, 1.0, b, 300)[250:]).max()
    for a, b in zip(eta_lams[clear], betas[clear])
]
verify(
    "runs grow or shrink as the edge 2(1 + β) says",
    (np.array(tails) > 1).astype(int),
    (eta_lams > 2 * (1 + betas))[clear].astype(int),
)
q_opt, spectrum = 9 / 11, np.linspace(1, 100, 400)
settings = [
    (eta, beta)
    for eta in np.geomspace(0.005, 0.06, 60)
    for beta in np.linspace(0.3, 0.95, 66)
]
worst = [factor_per_step(eta * spectrum, beta).max() for eta, beta in settings]
verify(
    "the best of 3,960 settings for κ = 100 has the factor of the formula",
    min(worst),
    q_opt,
    rtol=0.02,
)

# %% [markdown]
r"""
**Try it.** How much momentum makes each step of a *constant* slope 25 times as long, in the end, as without?
"""

# %% tags=["yours"]
amplifier = ...  # a number β

exercise("amplifier").check(amplifier)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac1{1-\beta}=25$.

```python
amplifier = 1 - 1 / 25
```

</details>
"""

# %% [markdown]
r"""
(square-root)=
## Is the square root the end of the road?

From $\kappa$ to $\sqrt\kappa$ with one line. With two lines, to $\sqrt[3]\kappa$?

(nesterov-momentum)=
**A more careful ball.** The heavy ball feels the slope where it stands and then rolls on. Nesterov's method {cite:p}`nesterov1983` first rolls on, and feels the slope there:

$$
y_t=x_t+\beta(x_t-x_{t-1}),\qquad x_{t+1}=y_t-\eta\nabla f(y_t).
$$ (eq-nesterov)

With $\eta=\frac1L$ and $\beta=\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$ the same calculation as above gives at $\lambda=\mu$ a double root $r=1-\frac1{\sqrt\kappa}$, and smaller ones elsewhere. On parabolas that is half as fast as the heavy ball. What it buys is a guarantee for *every* $L$-smooth, $\mu$-strongly convex function: the gap $f(x_t)-f^*$ shrinks at least by $1-\frac1{\sqrt\kappa}$ a step {cite:p}`nesterov2018`. The heavy ball has no such guarantee, and *Beware* shows it lost for ever.
"""


# %%
def nesterov(grad, x, eta, beta, steps):
    path = [np.asarray(x, float)] * 2
    for _ in range(steps):
        y = path[-1] + beta * (path[-1] - path[-2])
        path.append(y - eta * grad(y))
    return np.array(path[1:])


# %% [markdown]
r"""
**No.** Here is a parabola on which every method that only combines the gradients it has seen is helpless. Think of a long chain of springs, held at one end:

$$
f(x)=\tfrac12x^\top Ax-b^\top x,\qquad A=\tfrac{\kappa-1}4\begin{pmatrix}2&-1\\-1&2&-1\\&-1&2&\ddots\\&&\ddots&\ddots\end{pmatrix}+I,\qquad b=\tfrac{\kappa-1}4\,e_1 .
$$

The eigenvalues of the tridiagonal matrix lie between 0 and 4, so those of $A$ lie between 1 and $\kappa$. Its minimiser solves $Ax=b$; below the first row that reads $\frac{\kappa-1}4(2x_i-x_{i-1}-x_{i+1})+x_i=0$, which $x_i=q^i$ solves when $q+\frac1q=2+\frac4{\kappa-1}$, and this is $q=\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$. The first row fits as well.

Now start at zero. The first gradient is $-b$: it moves only the first link. Each further gradient multiplies by $A$ and so reaches *one link further*. After $t$ gradients all links beyond the $t$-th are still zero, and the error is at least what they should be:

$$
\|x_t-x^*\|^2\ge\sum_{i>t}q^{2i}=q^{2t}\,\|x^*\|^2 .
$$ (eq-lower-bound)

No cleverness helps against not having heard. As long as there are more links than steps, the factor $\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$ cannot be beaten, and it is the heavy ball's. Four methods on the chain, among them *conjugate gradients*, which picks the best combination of all gradients so far (best in the norm $x^\top Ax$) and needs neither $\eta$ nor $\beta$ nor $\kappa$:
"""


# %%
def conjugate_gradients(A, b, steps):
    x, r = np.zeros(len(b)), b
    d, path = r, [x]
    for _ in range(steps):
        alpha = r @ r / (d @ A @ d)
        x, r_new = x + alpha * d, r - alpha * (A @ d)
        d, r = r_new + (r_new @ r_new) / (r @ r) * d, r_new
        path.append(x)
    return np.array(path)


# %% tags=["set-up"]
kappa, links = 100.0, 300
q_chain = (math.sqrt(kappa) - 1) / (math.sqrt(kappa) + 1)
T = 2 * np.eye(links) - np.eye(links, k=1) - np.eye(links, k=-1)
T[-1, -1] = 2 - q_chain  # ends the chain as if it went on for ever
A_chain = (kappa - 1) / 4 * T + np.eye(links)
b_chain = np.r_[(kappa - 1) / 4, np.zeros(links - 1)]
x_chain = q_chain ** np.arange(1, links + 1)


# %% tags=["picture"] mystnb={"image": {"alt": "Relative error of four methods on the chain on a logarithmic axis. All stay above the dashed bound; the heavy ball and conjugate gradients run along it, Nesterov falls half as steeply, gradient descent stays far above."}}
def pull(x):
    return A_chain @ x - b_chain


nothing = np.zeros(links)
on_chain = {
    "gradient descent": gradient_descent(pull, nothing, 2 / (kappa + 1), 120),
    "heavy ball": heavy_ball(
        pull, nothing, (2 / (math.sqrt(kappa) + 1)) ** 2, q_chain**2, 120
    ),
    "Nesterov": nesterov(pull, nothing, 1 / kappa, q_chain, 120),
    "conjugate gradients": conjugate_gradients(A_chain, b_chain, 120),
}
chain_errors = {
    name: np.linalg.norm(path - x_chain, axis=1) / np.linalg.norm(x_chain)
    for name, path in on_chain.items()
}
for (name, error), colour in zip(
    chain_errors.items(), (plot.BLUE, plot.RED, plot.GREEN, plot.PURPLE)
):
    plt.semilogy(error, color=colour, label=name)
plt.semilogy(q_chain ** np.arange(121), "--", color=plot.GREY, label="lower bound")
plt.xlabel("gradients seen")
plt.ylabel("relative error")
plt.legend(ncols=2)
plt.show()

# %% [markdown]
r"""
Two methods run along the bound. So for methods that feel slopes only, and for problems with more dimensions than one has steps, the square root *is* the end of the road. Whoever wants more has to know more. (With as many steps as dimensions, conjugate gradients end exactly.)
"""

# %% tags=["checks"]
verify("qⁱ solves the chain", np.linalg.solve(A_chain, b_chain), x_chain, atol=1e-10)
bound = q_chain ** np.arange(121)
for name, error in chain_errors.items():
    verify_at_least(
        f"{name}: error over the bound at every step",
        error[1:] / bound[1:],
        1.0,
        atol=1e-9,
    )
    verify(
        f"{name}: links beyond the sixtieth after sixty gradients",
        on_chain[name][60, 60:],
        np.zeros(links - 60),
        atol=1e-15,
    )
verify(
    "conjugate gradients fall like the bound",
    chain_errors["conjugate gradients"][120] / chain_errors["conjugate gradients"][60],
    q_chain**60,
    rtol=0.05,
)
six = np.diag(np.arange(1.0, 7)) + 0.5
verify(
    "conjugate gradients, six dimensions, six steps",
    conjugate_gradients(six, np.ones(6), 6)[-1],
    np.linalg.solve(six, np.ones(6)),
    rtol=1e-6,
)
w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
torch_nesterov = torch.optim.SGD([w], lr=0.02, momentum=0.8, nesterov=True)
for _ in range(50):
    torch_nesterov.zero_grad()
    f_ellipse(w).backward()
    torch_nesterov.step()
ours = nesterov(grad_ellipse, [1.0, -2.0], 0.02, 0.8, 50)
verify(
    "torch's nesterov=True holds the point y",
    ours[50] + 0.8 * (ours[50] - ours[49]),
    w,
    atol=1e-10,
)

# %% [markdown]
r"""
**Try it.** Tune the heavy ball for a valley with curvatures between 1 and 400.
"""

# %% tags=["yours"]
tuned = ...  # a pair (η, β)

exercise("tune-heavy-ball").check(tuned)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\sqrt\kappa=20$, so $\sqrt\beta=\frac{19}{21}$ and $\eta=\bigl(\frac2{20+1}\bigr)^2$.

```python
tuned = ((2 / 21) ** 2, (19 / 21) ** 2)
```

</details>
"""

# %% [markdown]
r"""
(headline-rates)=
## The headline: nine rates, predicted and measured

A factor such as $0.998$ agrees with almost anything to two per cent. What it *costs* is a sharper question: the number of steps per factor $e$, which is $-1/\ln(\text{factor})$. Three methods, three condition numbers, each on a parabola with a random spectrum between 1 and $\kappa$, measured over the second half of a long run.
"""


# %% tags=["set-up"]
def three_methods(kappa):
    """Name → (method, its settings, factor per step in theory)."""
    root = math.sqrt(kappa)
    return {
        "gradient descent": (
            gradient_descent,
            (2 / (kappa + 1),),
            (kappa - 1) / (kappa + 1),
        ),
        "heavy ball": (
            heavy_ball,
            ((2 / (root + 1)) ** 2, ((root - 1) / (root + 1)) ** 2),
            (root - 1) / (root + 1),
        ),
        "Nesterov": (nesterov, (1 / kappa, (root - 1) / (root + 1)), 1 - 1 / root),
    }


# %%
def measure(method, settings, kappa, theory):
    """Steps per factor e over the second half of a run."""
    rng = np.random.default_rng(7)
    lam = np.r_[1.0, rng.uniform(1, kappa, 4), kappa]
    steps = int((60 if method is gradient_descent else 500) * theory)  # setting
    size = abs(method(lambda x: lam * x, rng.normal(size=6), *settings, steps)).max(1)
    return (steps - steps // 2) / np.log(size[steps // 2] / size[steps])


# %%
in_theory, in_practice = [], []
print(f"{'steps per factor e':20}{'κ':>6}{'theory':>10}{'measured':>10}")
for kappa_row in (10, 100, 1000):
    for name, (method, settings, factor) in three_methods(kappa_row).items():
        in_theory.append(-1 / math.log(factor))
        in_practice.append(measure(method, settings, kappa_row, in_theory[-1]))
        print(f"{name:20}{kappa_row:6}{in_theory[-1]:10.2f}{in_practice[-1]:10.2f}")

# %%
headline(
    "Steps per factor e of three methods at three condition numbers, against theory",
    np.array(in_practice),
    np.array(in_theory),
    rtol=0.01,
    unit="steps",
)

# %% [markdown]
r"""
Where measured and predicted part, in the third digit, the measured number is a little larger: both accelerated methods have double roots at the end of the spectrum, and $t\,r^t$ reaches its straight line only slowly.
"""

# %% [markdown]
r"""
(bend-the-space)=
## Bend the space

The bound says: slopes alone will not do. What else could one know? Notice first that gradient descent depends on the units. Measure $x$ in other coordinates, $x=Su$. The gradient with respect to $u$ is $S^\top\nabla f$, so a gradient step in $u$, seen in $x$, is

$$
x\leftarrow x-\eta\,SS^\top\nabla f(x) .
$$ (eq-preconditioned)

In the new coordinates the Hessian is $S^\top HS$. If we may choose, we choose $SS^\top=H^{-1}$: then $S^\top HS$ is the identity, $\kappa=1$, and $\eta=1$ arrives in a single step.

(newton-method)=
That is *Newton's method*, which jumps to the bottom of the [parabola](#eq-taylor) that fits best:

$$
x_{t+1}=x_t-H(x_t)^{-1}\nabla f(x_t).
$$ (eq-newton)

It uses second derivatives and is therefore called a *second-order method*; those before were *first-order*. On a parabola it is done at once for any $\kappa$. On other functions it repeats, and near the minimum it is breathtaking. The simplest case can be followed by hand: $f(x)=ax-\ln x$ has its minimum at $\frac1a$, with $f'=a-\frac1x$ and $f''=\frac1{x^2}$, so Newton's step is $x\leftarrow2x-ax^2$ (a division without dividing). The relative error $e=1-ax$ obeys

$$
e_{t+1}=1-a(2x_t-ax_t^2)=(1-ax_t)^2=e_t^2 .
$$

From $x=\frac12$ with $a=1$ the errors are $\frac12,\frac14,\frac1{16},\frac1{256},\dots$: each step *doubles the number of correct digits*. But start at $x=2.5$, where $|e|=1.5$, and squaring drives it away for ever.
"""


# %%
def newton(grad, hessian, x, steps):
    path = [np.asarray(x, float)]
    for _ in range(steps):
        path.append(path[-1] - np.linalg.solve(hessian(path[-1]), grad(path[-1])))
    return np.array(path)


# %% [markdown]
r"""
Three prices. Newton's jump is only as good as the model, so far from the minimum it must be shortened (a *line search*, on [the shelf](#line-search)). It goes to *any* stationary point: started near the top of $\cos x$, it climbs. And it needs a $d\times d$ matrix and $O(d^3)$ operations a step: for a million weights, $10^{12}$ numbers. Methods such as L-BFGS guess the curvature from gradients seen before; on a parabola even they cannot beat [the bound](#eq-lower-bound), since they have not heard more.

Training a network, one keeps only the cheapest shadow of the idea: a *diagonal* $SS^\top$. That will be Adam. First, the noise.
"""

# %% tags=["checks"]
reciprocal = newton(lambda x: 3 - 1 / x, lambda x: np.diag(1 / x**2), [0.2], 6)[:, 0]
verify(
    "1/3 without dividing: the error is squared",
    1 - 3 * reciprocal,
    0.4 ** (2.0 ** np.arange(7)),
    atol=1e-12,
)
H_bad = np.diag([1.0, 1e4])
verify(
    "κ = 10⁴: one step",
    newton(lambda x: H_bad @ x, lambda x: H_bad, [1.0, 1.0], 1)[-1],
    [0.0, 0.0],
    atol=1e-12,
)
start = np.array([3.3, 2.4])
plain = newton(grad_himmelblau, hessian_himmelblau, start, 8)
S = np.array([[2.0, 1.0], [0.0, 0.1]])
other_units = newton(
    lambda u: S.T @ grad_himmelblau(S @ u),
    lambda u: S.T @ hessian_himmelblau(S @ u) @ S,
    np.linalg.solve(S, start),
    8,
)
verify("in other units Newton takes the same path", other_units @ S.T, plain, rtol=1e-8)
gd_units = (
    gradient_descent(
        lambda u: S.T @ grad_himmelblau(S @ u), np.linalg.solve(S, start), 1e-3, 1
    )
    @ S.T
)
verify(
    "gradient descent a different one: that of SSᵀ∇f",
    gd_units[1],
    start - 1e-3 * S @ S.T @ grad_himmelblau(start),
    rtol=1e-10,
)
verify(
    "near the top of the cosine Newton climbs to the maximum",
    newton(lambda x: -np.sin(x), lambda x: np.diag(-np.cos(x)), [0.4], 6)[-1],
    [0.0],
    atol=1e-10,
)

# %% [markdown]
r"""
**Try it.** Write Newton's step for the minimum of $f(x)=\frac13x^3-ax$ with $a>0$. Which famous algorithm is it?
"""

# %% tags=["yours"]
newton_step = ...  # a function of x and a

exercise("newton-step").check(newton_step)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$f'=x^2-a$, $f''=2x$, so $x\leftarrow x-\frac{x^2-a}{2x}=\frac12\bigl(x+\frac ax\bigr)$: Heron's square root.

```python
newton_step = lambda x, a: (x + a / x) / 2
```

</details>
"""

# %% [markdown]
r"""
(noise)=
## Living with noise

(stochastic-gradient-descent)=
A training loss is a mean over examples, $\mathcal R(\theta)=\frac1n\sum_i\ell_i(\theta)$, and its gradient is a mean of $n$ gradients. For a million examples that is a high price for one step. *Stochastic gradient descent* (SGD) asks only a few: draw a *mini-batch* $B$ of $m$ examples and pretend that they are all,

$$
\theta\leftarrow\theta-\eta\,g_B,\qquad g_B=\frac1m\sum_{i\in B}\nabla\ell_i(\theta).
$$ (eq-sgd)

The smallest case: find the mean of $1,2,6$ by minimising $\frac13\sum_i\frac12(\theta-\xi_i)^2$. The true gradient is $\theta-3$. Single examples say $\theta-1$, $\theta-2$ or $\theta-6$: all wrong, and right on average.

(sgd-gradient-is-unbiased)=
:::{prf:theorem} What a mini-batch knows
:label: thm-minibatch
Let $g_1,\dots,g_n$ be the gradients of the examples, $\bar g$ their mean and $S=\frac1n\sum_i\|g_i-\bar g\|^2$ their spread. If $B$ is drawn uniformly,

$$
\mathbb E\,g_B=\bar g,\qquad\mathbb E\|g_B-\bar g\|^2=\frac Sm\times\begin{cases}1&\text{with replacement}\\\frac{n-m}{n-1}&\text{without.}\end{cases}
$$ (eq-minibatch)
:::

*Why.* Each single draw has mean $\bar g$, so the mean of $m$ draws has. With replacement the draws are independent, their variances add up, and dividing by $m$ divides the sum by $m^2$. Without replacement any two draws have the same covariance $c$, and for $m=n$ nothing is left to chance: $\frac1n\bigl(S+(n-1)c\bigr)=0$ gives $c=-\frac S{n-1}$, and $\frac1m\bigl(S+(m-1)c\bigr)=\frac Sm\cdot\frac{n-m}{n-1}$.

With $n=8$ one can ask *all* batches of three.
"""


# %%
def batch_error(S, n, m, replacement):
    return S / m * (1 if replacement else (n - m) / (n - 1))


example_gradients = np.random.default_rng(8).normal(size=(8, 2))  # (n, d)
spread = example_gradients.var(0).sum()
distinct = [
    example_gradients[list(B)].mean(0) for B in itertools.combinations(range(8), 3)
]
repeated = [
    example_gradients[list(B)].mean(0) for B in itertools.product(range(8), repeat=3)
]

# %% tags=["checks"]
for name, batches, replacement in (
    ("all 56 batches of three", distinct, False),
    ("all 512 draws with replacement", repeated, True),
):
    verify(f"{name}: mean", np.mean(batches, 0), example_gradients.mean(0), atol=1e-12)
    verify(
        f"{name}: mean squared error",
        np.sum(np.var(batches, 0)),
        batch_error(spread, 8, 3, replacement),
        rtol=1e-10,
    )

# %% [markdown]
r"""
(sgd-noise-floor)=
**It never quite stops.** With a constant step the noise keeps pushing. How far? For $\ell_i=\frac12(\theta-\xi_i)^2$ with $\operatorname{Var}\xi=\sigma^2$ the update is $\theta_{t+1}=(1-\eta)\theta_t+\eta\,\xi_t$. In equilibrium the variance must reproduce itself, $V=(1-\eta)^2V+\eta^2\sigma^2$, so

$$
V=\frac{\eta}{2-\eta}\,\frac{\sigma^2}m
$$ (eq-noise-floor)

for batches of $m$: the *noise floor*. The band in the picture is $\pm2\sqrt V$. Find two ways to make it narrow; then look at what one of them costs at the start.
"""


# %% tags=["picture"]
def noisy_descent(eta, batch_size):
    rng, theta, path = np.random.default_rng(43), 6.0, [6.0]
    for _ in range(400):
        theta = theta - eta * (theta - rng.normal(size=batch_size).mean())
        path.append(theta)
    band = 2 * np.sqrt(eta / (2 - eta) / batch_size)
    fig, ax = plt.subplots(figsize=(6.8, 3.0))
    ax.axhspan(-band, band, color=plot.SKY, alpha=0.35, lw=0)
    ax.plot(path, color=plot.RED, lw=1)
    ax.set(
        xlabel="step",
        ylabel=r"$\theta$",
        ylim=(-3, 6.2),
        title=f"predicted standard deviation {band / 2:.3f}",
    )
    return fig


explore(
    noisy_descent,
    alt="SGD on a noisy parabola: a descent, then fluctuation inside the predicted band, which narrows with a smaller step or a larger batch",
    eta=[1.0, 0.5, 0.2, 0.05, 0.02],
    batch_size=[1, 4, 32],
)

# %% [markdown]
r"""
(learning-rate-decay)=
**A schedule.** A large step is quick but ends on a high floor, a small one ends low but is slow. So begin large and let $\eta_t$ decay. Usual forms are

| schedule | $\eta_t$ | |
|---|---|---|
| linear | $(1-\frac t\rho)\eta_0+\frac t\rho\eta_\rho$ up to $t=\rho$ | ends at $\eta_\rho$ |
| inverse | $\eta_0/(1+\rho t)$ | the steps sum to infinity |
| exponential | $\eta_0e^{-\rho t}$ | the steps sum to $\eta_0/(1-e^{-\rho})$ |

For finding a mean there is a best one, and it is an old friend: with $\eta_t=\frac1t$, $\theta_t=(1-\frac1t)\theta_{t-1}+\frac1t\xi_t$ is exactly the *running mean* of $\xi_1,\dots,\xi_t$, with variance $\sigma^2/t$. An exponential schedule that is in too much of a hurry stops short: its steps together cannot reach the goal. Mean squared distance from the goal, over four thousand runs from $\theta_0=6$:
"""

# %%
schedules = {
    "constant 0.3": lambda t: 0.3,
    "constant 0.03": lambda t: 0.03,
    "inverse 1/t": lambda t: 1 / t,
    "exponential, too fast": lambda t: 0.3 * math.exp(-0.15 * t),
}


def noisy_runs(schedule, steps=600, runs=4000):
    rng, theta, mean_square = np.random.default_rng(9), np.full(runs, 6.0), []
    for t in range(1, steps + 1):
        theta = theta - schedule(t) * (theta - rng.normal(size=runs))
        mean_square.append(np.mean(theta**2))
    return np.array(mean_square)


# %% tags=["picture"] mystnb={"image": {"alt": "Mean squared distance from the goal against steps, both logarithmic. The large constant step falls fast to a high floor, the small one slowly to a low one, 1/t falls along a straight line below both, the hurried exponential schedule stops far above."}}
distance2 = {name: noisy_runs(schedule) for name, schedule in schedules.items()}
for (name, values), colour in zip(
    distance2.items(), (plot.BLUE, plot.SKY, plot.RED, plot.ORANGE)
):
    plt.loglog(np.arange(1, 601), values, color=colour, label=name)
plt.xlabel("step")
plt.ylabel("mean squared distance")
plt.legend()
plt.show()


# %% tags=["checks"]
def exact_mean_square(schedule, steps=600):
    bias, variance, out = 6.0, 0.0, []
    for t in range(1, steps + 1):
        bias, variance = (
            (1 - schedule(t)) * bias,
            (1 - schedule(t)) ** 2 * variance + schedule(t) ** 2,
        )
        out.append(bias**2 + variance)
    return np.array(out)


noise_of_4000 = 5 * math.sqrt(2 / 4000)
for name, schedule in schedules.items():
    verify(
        f"{name}: every step of 4,000 runs against bias and variance by recursion",
        distance2[name],
        exact_mean_square(schedule),
        rtol=noise_of_4000,
    )
verify(
    "floors of the two constant rates",
    [exact_mean_square(schedules[f"constant {eta}"], 3000)[-1] for eta in (0.3, 0.03)],
    [eta / (2 - eta) for eta in (0.3, 0.03)],
    rtol=1e-6,
)
verify(
    "1/t: variance after 600 steps",
    exact_mean_square(schedules["inverse 1/t"])[-1],
    1 / 600,
    rtol=1e-9,
)
rng = np.random.default_rng(12)
pushed = heavy_ball(
    lambda x: x - rng.normal(size=4000), np.zeros(4000), 0.02, 0.9, 600
)[-1]
verify(
    "momentum 0.9, η = 0.02: the floor of η = 0.2",
    np.mean(pushed**2),
    0.2 / (2 - 0.2),
    rtol=0.12,
)
verify(
    "too fast: at the end as far away as after 60 steps",
    distance2["exponential, too fast"][-1] / distance2["exponential, too fast"][59],
    1.0,
    rtol=0.01,
)
verify_at_least(
    "too fast: its mean squared distance over that of 1/t after 600 steps",
    distance2["exponential, too fast"][-1] / distance2["inverse 1/t"][-1],
    100,
)

# %% [markdown]
r"""
In a valley with many curvatures both troubles meet: $\kappa$ sets how long the descent takes, the noise sets how low it ends. And momentum shortens the first but raises the second: for small steps its floor is that of the step $\frac\eta{1-\beta}$, since that is how far each push carries in the end.

**Try it.** With $\sigma=1$ and batches of 4, which constant step fluctuates with standard deviation $0.1$?
"""

# %% tags=["yours"]
quiet_step = ...  # a number

exercise("quiet-step").check(quiet_step)

# %% [markdown]
r"""
<details><summary>Solution</summary>

$\frac\eta{2-\eta}\cdot\frac14=\frac1{100}$ gives $\eta=\frac{0.08}{1.04}$.

```python
quiet_step = 0.08 / 1.04
```

</details>
"""

# %% [markdown]
r"""
(own-steps)=
## A step size for every coordinate

(adaptive-learning-rates)=
[Bending the space](#eq-preconditioned) with a diagonal $SS^\top=\operatorname{diag}(s_i)$ means that every coordinate has a step size of its own. Which? The Hessian is too expensive to ask. *Adaptive* methods ask the gradients that come by anyway: a coordinate whose gradients have been large gets small steps.

(adagrad)=
**AdaGrad** {cite:p}`duchi2011` divides by the root of the sum of all squared gradients so far,

$$
\theta_i\leftarrow\theta_i-\frac{\eta}{\delta+\sqrt{\sum_{s\le t}g_{s,i}^2}}\;g_{t,i} .
$$ (eq-adagrad)

Try it with a constant gradient $g$: the step is $\eta g/\sqrt{tg^2}=\eta/\sqrt t$, *whatever the size of $g$*. The scale is gone; but the steps only ever shrink.

(rmsprop)=
**RMSProp** {cite:p}`tieleman2012` forgets. Instead of the sum it keeps a running mean with a memory of about $\frac1{1-\beta}$ steps,

$$
v_t=\beta v_{t-1}+(1-\beta)\,g_t^2,\qquad\theta\leftarrow\theta-\frac{\eta}{\sqrt{v_t}+\epsilon}\,g_t ,
$$ (eq-rmsprop)

and for a constant gradient the step tends to $\eta\operatorname{sign}g$.

(ema-momentum-with-bias-correction)=
**The start of a running mean.** A running mean that begins at zero is too small at first. With $\beta=0.9$ and the constant gradient 1 it runs $0.1,\;0.19,\;0.271,\dots=1-\beta^t$. Divide by $1-\beta^t$ and it is right from the first step on.

(adam)=
**Adam** {cite:p}`kingma2015` keeps two running means, of the gradient (that is momentum) and of its square, and corrects both:

$$
\begin{aligned}
m_t&=\beta_1m_{t-1}+(1-\beta_1)\,g_t,\qquad\hat m_t=m_t/(1-\beta_1^t),\\
v_t&=\beta_2v_{t-1}+(1-\beta_2)\,g_t^2,\qquad\,\hat v_t=v_t/(1-\beta_2^t),\\
\theta&\leftarrow\theta-\eta\,\hat m_t\big/\bigl(\sqrt{\hat v_t}+\epsilon\bigr),
\end{aligned}
$$ (eq-adam)

with $\beta_1=0.9$, $\beta_2=0.999$, $\epsilon=10^{-8}$ unless one says otherwise.
"""


# %%
def adagrad(grad, x, eta, steps, delta=1e-10):
    path, total = [np.asarray(x, float)], 0.0
    for _ in range(steps):
        g = grad(path[-1])
        total = total + g**2
        path.append(path[-1] - eta * g / (delta + np.sqrt(total)))
    return np.array(path)


# %%
def rmsprop(grad, x, eta, steps, beta=0.99, eps=1e-8):
    path, v = [np.asarray(x, float)], 0.0
    for _ in range(steps):
        g = grad(path[-1])
        v = beta * v + (1 - beta) * g**2
        path.append(path[-1] - eta * g / (np.sqrt(v) + eps))
    return np.array(path)


# %%
def adam(grad, x, eta, steps, beta1=0.9, beta2=0.999, eps=1e-8):
    path, m, v = [np.asarray(x, float)], 0.0, 0.0
    for t in range(1, steps + 1):
        g = grad(path[-1])
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        path.append(path[-1] - eta * m_hat / (np.sqrt(v_hat) + eps))
    return np.array(path)


# %% tags=["checks"]
for ours, theirs in (
    (adagrad, torch.optim.Adagrad),
    (rmsprop, torch.optim.RMSprop),
    (adam, torch.optim.Adam),
):
    w = torch.tensor([1.3, -0.4], dtype=torch.float64, requires_grad=True)
    optimizer = theirs([w], lr=0.05)
    for _ in range(120):
        optimizer.zero_grad()
        himmelblau(*w).backward()
        optimizer.step()
    verify(
        f"120 steps against torch.optim.{theirs.__name__}",
        ours(grad_himmelblau, [1.3, -0.4], 0.05, 120)[-1],
        w,
        atol=1e-9,
    )


def scales(x):
    return np.array([1e3, -1e-3])


moves = [
    np.diff(way, axis=0)
    for way in (
        adagrad(scales, np.zeros(2), 0.1, 100),
        rmsprop(scales, np.zeros(2), 0.1, 3000, eps=0.0),
        adam(scales, np.zeros(2), 0.1, 100, eps=0.0),
    )
]
verify(
    "AdaGrad, gradients a million apart: step t has size η/√t",
    abs(moves[0]),
    np.outer(0.1 / np.sqrt(np.arange(1, 101)), [1, 1]),
    rtol=1e-6,
)
verify("RMSProp: the step tends to η sign g", moves[1][-1], [-0.1, 0.1], rtol=1e-6)
verify(
    "Adam: every step is η sign g", moves[2], np.tile([-0.1, 0.1], (100, 1)), rtol=1e-9
)

# %% [markdown]
r"""
**What it buys.** A bowl with $\kappa=1000$, once with its axes along the coordinates and once turned by $45°$. The rivals get the same care: gradient descent and the heavy ball with their best settings, Adam with the best of nine rates, and a simple baseline, gradient descent with each coordinate divided by its own diagonal entry of the Hessian (Jacobi's preconditioner) and then its best rate. How many steps to a distance of $10^{-4}$?
"""


# %% tags=["set-up"]
def steps_until(path, distance=1e-4):
    """Steps after which the path stays within the distance of 0; inf if it does not."""
    outside = np.flatnonzero(~(np.linalg.norm(path, axis=1) < distance))
    return (
        math.inf
        if len(outside) == len(path) or outside[-1] == len(path) - 1
        else outside[-1] + 1
    )


def contest(H, start, rates=np.geomspace(1e-3, 10, 9)):
    lam, D = np.linalg.eigvalsh(H), 1 / np.diag(H)
    lam_D = np.linalg.eigvals(D[:, None] * H).real
    root = math.sqrt(lam[-1] / lam[0])
    bowl_grad = lambda x: H @ x
    return {
        "gradient descent": steps_until(
            gradient_descent(bowl_grad, start, 2 / (lam[0] + lam[-1]), 6000)
        ),
        "heavy ball": steps_until(
            heavy_ball(
                bowl_grad,
                start,
                (2 / (root + 1)) ** 2 / lam[0],
                ((root - 1) / (root + 1)) ** 2,
                600,
            )
        ),
        "diagonal of H": steps_until(
            gradient_descent(
                lambda x: D * (H @ x), start, 2 / (lam_D.min() + lam_D.max()), 6000
            )
        ),
        "Adam, best of nine": min(
            steps_until(adam(bowl_grad, start, eta, 9000)) for eta in rates
        ),
    }


quarter = np.array([[1.0, -1.0], [1.0, 1.0]]) / math.sqrt(2)
H_axes = np.diag([1.0, 1000.0])
along, turned = (
    contest(H_axes, np.ones(2)),
    contest(quarter @ H_axes @ quarter.T, quarter @ np.ones(2)),
)
print(f"{'':20}{'along the axes':>16}{'turned by 45°':>16}")
for name in along:
    print(f"{name:20}{along[name]:16}{turned[name]:16}")

# %% [markdown]
r"""
Along the axes Adam beats gradient descent by far and even the tuned heavy ball, and nobody told it the curvature. But whoever knows the diagonal of $H$ is done in one step. Turned by $45°$, that diagonal is constant, there is nothing left to divide by, and Adam is the slowest of all: its cure is for *scales of coordinates*, not for ill-conditioning as such. Gradient descent and the heavy ball do not notice the turn.

:::{admonition} A common slip
:class: caution
"Adam does not care about the scales of the parameters." It does not care about the scale of the *gradients*: multiply coordinate $i$ of every gradient by a constant and, with $\epsilon=0$, nothing changes. So on $\operatorname{diag}(1,\kappa)$ from $(1,1)$ both coordinates make the same moves for every $\kappa$. But its steps have the size of $\eta$. Measure a coordinate in millimetres instead of metres, and the goal is a thousand steps further away. Newton's method does not care about that either.
:::
"""

# %% tags=["checks"]
verify(
    "gradient descent by formula, both ways",
    [along["gradient descent"], turned["gradient descent"]],
    [gd_steps(1000, 1e-4 / math.sqrt(2))] * 2,
)
verify("the diagonal of H, along the axes", int(along["diagonal of H"]), 1)
verify(
    "the diagonal of H, turned: as slow as without",
    int(turned["diagonal of H"]),
    int(turned["gradient descent"]),
)
verify_at_least(
    "along the axes: gradient descent over Adam",
    along["gradient descent"] / along["Adam, best of nine"],
    10,
)
verify_at_least(
    "turned: Adam over the heavy ball",
    turned["Adam, best of nine"] / turned["heavy ball"],
    10,
)
both = adam(lambda x: np.array([1.0, 1000.0]) * x, [1.0, 1.0], 0.05, 300, eps=0.0)
verify(
    "the two coordinates make the same moves",
    both[:, 1],
    both[:, 0],
    rtol=1e-6,
    atol=1e-12,
)
metres = adam(lambda x: x, [1.0], 0.01, 4000, eps=0.0)
millimetres = adam(lambda u: u / 1e6, [1000.0], 0.01, 4000, eps=0.0)
verify_at_least(
    "of the way in millimetres, left after 4,000 steps", millimetres[-1, 0] / 1000, 0.9
)
verify_at_most("of the way in metres, left after 4,000 steps", abs(metres[-1, 0]), 1e-3)
verify(
    "one rate per unit mends it",
    adam(lambda u: u / 1e6, [1000.0], 10.0, 4000, eps=0.0) / 1000,
    metres,
    atol=1e-9,
)

# %% [markdown]
r"""
**Try it.** Without the correction of the start, how many times larger is Adam's very first step, as a function of $\beta_1$ and $\beta_2$ (take $\epsilon=0$)?
"""

# %% tags=["yours"]
first_step = ...  # a function of beta1, beta2

exercise("first-step").check(first_step)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Uncorrected, $m_1=(1-\beta_1)g$ and $v_1=(1-\beta_2)g^2$; corrected, the step is $\eta\operatorname{sign}g$. With the usual values it is $\frac{0.1}{\sqrt{0.001}}\approx3.2$ times larger.

```python
first_step = lambda beta1, beta2: (1 - beta1) / (1 - beta2) ** 0.5
```

</details>
"""


# %% [markdown]
r"""
(live-race)=
## The race

All four methods stand. Drag the start over the landscape, and the setting over [the map](#eq-complex): from where you let go, gradient descent, the heavy ball, Nesterov's method and Adam run. The first uses only $\eta$, the next two $\eta$ and $\beta$; Adam has a step of its own. On the map the two marks are the smallest and the largest curvature at a minimum of the landscape.

Three things to find. In the valley: the setting at which the heavy ball is fastest, and one at which it loses to plain gradient descent. On the saddle: what it costs to start almost on the ridge. In Himmelblau's landscape: a start from which momentum carries the ball past the nearest minimum into another.
"""

# %% tags=["set-up"]
LANDSCAPES = {  # gradient, smallest and largest curvature at a minimum, Adam's step, half width
    "bowl": (lambda p: p, (1.0, 1.0), 0.1, 3),
    "valley": (lambda p: np.array([p[0], 20 * p[1]]), (1.0, 20.0), 0.1, 3),
    "saddle": (lambda p: np.array([p[0], p[1] * (p[1] ** 2 - 1)]), (1.0, 2.0), 0.1, 2),
    "Himmelblau": (grad_himmelblau, (54 - 20 * math.sqrt(2), sharpness[2]), 0.2, 6),
}


def until_lost(path, limit=1e6):
    """From the first step beyond the limit on, the last place before it."""
    lost_at = np.flatnonzero(~(abs(path) <= limit).all(1))
    return (
        path
        if not len(lost_at)
        else path[np.minimum(np.arange(len(path)), lost_at[0] - 1)]
    )


def race(state):
    """The four paths, and the factor per step of the heavy ball at the two curvatures."""
    grad, curvatures, adam_eta, _ = LANDSCAPES[state["landscape"]]
    start, eta, beta, steps = (state[k] for k in ("start", "eta", "beta", "steps"))
    with np.errstate(all="ignore"):
        paths = [
            gradient_descent(grad, start, eta, steps),
            heavy_ball(grad, start, eta, beta, steps),
            nesterov(grad, start, eta, beta, steps),
            adam(grad, start, adam_eta, steps),
        ]
    return [
        [until_lost(path).tolist() for path in paths],
        factor_per_step(eta * np.array(curvatures), beta).tolist(),
    ]


def random_state(rng):
    name = rng.choice(list(LANDSCAPES))
    _, curvatures, _, size = LANDSCAPES[name]
    return {
        "landscape": str(name),
        "start": rng.uniform(-size, size, 2).round(3).tolist(),
        "eta": round(rng.uniform(0.05, 1.8) / curvatures[1], 5),
        "beta": round(rng.uniform(0, 0.9), 3),
        "steps": 12,
    }


# %% tags=["picture"]
def race_picture(state):
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    plot.contours(
        ax,
        lambda x, y: 0.5 * (x**2 + 20 * y**2),
        (-3, 3),
        (-1.5, 1.5),
        np.geomspace(0.1, 25, 9),
    )
    for path, name, colour in zip(
        race(state)[0],
        ("gradient descent", "heavy ball", "Nesterov", "Adam"),
        (plot.BLUE, plot.RED, plot.GREEN, plot.ORANGE),
    ):
        plot.path(ax, np.array(path), color=colour, label=name)
    ax.legend(ncols=4, loc="lower center", fontsize=8)
    return fig


opening = {
    "landscape": "valley",
    "start": [-2.6, 1.2],
    "eta": 0.06,
    "beta": 0.6,
    "steps": 40,
}
rng = np.random.default_rng(11)
live(
    "race",
    opening,
    still=race_picture(opening),
    states=[random_state(rng) for _ in range(20)],
    truth=race,
    alt="Four methods run down a landscape from a start that can be dragged; beside it the map of step size times curvature and momentum, on which their setting can be dragged",
)

# %% [markdown]
r"""
(gd-practice)=
## In practice

All of it in an ordinary PyTorch loop: a network with one hidden layer learns to read 1,100 digits of $8\times8$ pixels. Another 300 are for choosing (*validation*), 397 for the final report (*test*), touched once.
"""

# %% tags=["set-up"]
from torch import nn

split = data.digits(1400)
pixels = torch.tensor(
    np.r_[split.X_train, split.X_test], dtype=torch.float32
)  # (1797, 64)
labels = torch.tensor(np.r_[split.y_train, split.y_test])
train, validate, test = slice(0, 1100), slice(1100, 1400), slice(1400, None)


# %%
def train_network(X, optimizer, seed=0, epochs=8, batch=64):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    loss, step = nn.CrossEntropyLoss(), optimizer(model.parameters())
    for _ in range(epochs):
        for B in torch.randperm(1100).split(batch):  # shuffled anew in every epoch
            step.zero_grad()
            loss(model(X[train][B]), labels[train][B]).backward()
            step.step()
    return model


# %% [markdown]
r"""
(epoch-and-shuffling)=
One sweep over the data is an *epoch*, and the examples are shuffled before each. That is not fussiness. Show the digits sorted, first all zeros, at last all nines, and the network forgets what it saw first:
"""


# %%
def one_epoch(order, seed):
    torch.manual_seed(seed)
    model, loss = nn.Linear(64, 10), nn.CrossEntropyLoss()
    step = torch.optim.SGD(model.parameters(), lr=0.3)
    for B in order.split(16):
        step.zero_grad()
        loss(model(pixels[B]), labels[B]).backward()
        step.step()
    return model(pixels[test]).argmax(1)


# %%
by_class = torch.argsort(labels[train], stable=True)
said_sorted = torch.stack([one_epoch(by_class, seed) for seed in range(5)])
said_shuffled = torch.stack(
    [one_epoch(by_class[torch.randperm(1100)], seed) for seed in range(5)]
)

# %% tags=["set-up"]
for name, said in (("sorted", said_sorted), ("shuffled", said_shuffled)):
    right, last = (said == labels[test]).float().mean(), (said >= 8).float().mean()
    print(f"{name:9} right {right:.2f}   says 8 or 9 {last:.2f}")

# %% tags=["checks"]
verify_at_least(
    "accuracy shuffled minus sorted, each of five seeds",
    (
        (said_shuffled == labels[test]).float() - (said_sorted == labels[test]).float()
    ).mean(1),
    0.15,
)
verify_at_least(
    "sorted: share of answers that name one of the last two classes, over their true share",
    (said_sorted >= 8).float().mean() / (labels[test] >= 8).float().mean(),
    2.0,
)

# %% [markdown]
r"""
**Which optimiser?** A fair answer needs four things: the same network, data and number of epochs for all; the same grid of learning rates; a choice by validation loss; several seeds, with their spread. And it needs controls. So the same digits come four times: as they are; with every pixel measured in a unit of its own (factors from 0.05 to 5, at random); those same inputs turned by a random rotation, so that no coordinate is special; and the badly scaled ones again, but *standardised* first, pixel by pixel. Guess the winners before you look.
"""

# %% tags=["set-up"]
rng = np.random.default_rng(10)
units = torch.tensor(rng.permutation(np.geomspace(0.05, 5, 64)), dtype=torch.float32)
rotation = torch.tensor(np.linalg.qr(rng.normal(size=(64, 64)))[0], dtype=torch.float32)
bad_units = pixels * units
inputs = {
    "as they are": pixels,
    "own units": bad_units,
    "turned": bad_units @ rotation,
    "standardised": (bad_units - bad_units[train].mean(0))
    / (bad_units[train].std(0) + 1e-3 * units),
}
optimizers = {
    "SGD": lambda p, lr: torch.optim.SGD(p, lr),
    "SGD, momentum 0.9": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "Adam": lambda p, lr: torch.optim.Adam(p, lr),
}


@torch.no_grad()
def validation_and_test(model, X):
    loss = nn.functional.cross_entropy(model(X[validate]), labels[validate]).item()
    return loss, (model(X[test]).argmax(1) == labels[test]).float().mean().item()


# %%
grid_of_rates = np.geomspace(0.01, 1, 5)
chosen_rate, accuracies = {}, {}
for (kind, X), (name, make) in itertools.product(inputs.items(), optimizers.items()):

    def outcome(lr, seed):
        return validation_and_test(train_network(X, lambda p: make(p, lr), seed), X)

    tried = [sum(outcome(lr, seed)[0] for seed in (0, 1)) for lr in grid_of_rates]
    chosen_rate[kind, name] = grid_of_rates[np.argmin(tried)]
    accuracies[kind, name] = np.array(  # eight fresh seeds
        [outcome(chosen_rate[kind, name], seed)[1] for seed in range(10, 18)]
    )

# %% tags=["set-up"]
print(f"{'test accuracy':20}" + "".join(f"{kind:>16}" for kind in inputs))
for name in optimizers:
    row = (accuracies[kind, name] for kind in inputs)
    print(f"{name:20}" + "".join(f"{a.mean():8.3f} ± {a.std(ddof=1):.3f}" for a in row))
nearest = ((pixels[test][:, None] - pixels[train]) ** 2).sum(-1).argmin(1)
print(
    f"{'nearest neighbour':20}{(labels[train][nearest] == labels[test]).float().mean():8.3f}"
)

# %% [markdown]
r"""
Read it by columns. *As they are*: Adam before momentum before plain SGD; look at the spread, with which one lucky seed could have told any story. *Own units*: SGD suffers badly, momentum little, Adam hardly. So far the last section is confirmed. *Turned*: on the bowl this took Adam's lead away, so it should here. It does not. The easy explanation, that Adam wins because it mends the scales of coordinates, has been refuted by its own control: in a network there is more to it. *Standardised*: all three are equal and better than everything before. One line of preprocessing was worth more than the choice of the optimiser. And the last row keeps one modest: a nearest neighbour, which learns nothing, does as well.

The chosen rates differ by up to an order of magnitude between the methods. Comparing two optimisers at the same learning rate compares nothing.
"""

# %% tags=["checks"]
mean_accuracy = {key: values.mean() for key, values in accuracies.items()}
for kind in ("own units", "turned"):
    verify_at_least(
        f"{kind}: mean accuracy of Adam minus that of SGD",
        mean_accuracy[kind, "Adam"] - mean_accuracy[kind, "SGD"],
        0.08,
    )
after = [mean_accuracy["standardised", name] for name in optimizers]
verify_at_most("standardised: best minus worst of the three", np.ptp(after), 0.01)
verify_at_least(
    "standardised, the worst of three, minus the best of all others",
    min(after)
    - max(m for (kind, _), m in mean_accuracy.items() if kind != "standardised"),
    0.0,
)
verify_at_least(
    "nearest neighbour minus the best of three",
    (labels[train][nearest] == labels[test]).double().mean() - max(after),
    -0.005,
)
verify_at_least(
    "chosen rate of SGD over that of Adam, standardised",
    chosen_rate["standardised", "SGD"] / chosen_rate["standardised", "Adam"],
    3,
)

# %% [markdown]
r"""
(gd-beware)=
## Beware

**"Heavy ball with the best setting is never worse than gradient descent."** On parabolas. Bend one and see. Here is a strongly convex function with curvature 25 outside and 1 in a short piece in the middle,

$$
f'(x)=\begin{cases}25x&x<1\\x+24&1\le x<2\\25x-24&x\ge2\end{cases}
$$

so $\mu=1$, $L=25$, and [the recipe](#eq-heavy-ball) gives $\eta=\frac19$, $\beta=\frac49$ {cite:p}`lessard2016`. Move the start. From most places the ball comes home. From some it never does.
"""


# %%
def grad_kinked(x):
    return np.where(x < 1, 25 * x, np.where(x < 2, x + 24, 25 * x - 24))


def two_balls(start, steps=60):
    polyak = heavy_ball(grad_kinked, start, 1 / 9, 4 / 9, steps)
    careful = nesterov(grad_kinked, start, 1 / 25, 2 / 3, steps)
    return polyak, careful


# %% tags=["picture"]
def lost(start):
    polyak, careful = two_balls(start)
    fig, ax = plt.subplots(figsize=(6.8, 2.9))
    ax.plot(polyak, ".-", color=plot.RED, lw=1, label="heavy ball")
    ax.plot(careful, ".-", color=plot.GREEN, lw=1, label="Nesterov")
    ax.set(xlabel="step", ylabel="$x$", ylim=(-3.5, 3.7))
    ax.legend(loc="lower right", ncols=2)
    return fig


explore(
    lost,
    alt="Position against step: Nesterov's method always comes to rest at 0; the heavy ball does from most starts, but from 3.3 and some others it runs through the same three points for ever",
    start=[3.3, 3.0, 2.5, 2.2, 1.8, 1.2, 0.6, -1.5],
)

# %% tags=["checks"]
# A cycle of three with two points beyond the kinks obeys three linear equations.
offset = np.array([24.0, 0.0, 0.0])  # f' = 25x − offset at the three points
cycle_matrix = np.array(
    [np.roll([-(1 + 4 / 9 - 25 / 9), 1.0, 4 / 9], k) for k in range(3)]
)
cycle = np.linalg.solve(cycle_matrix, offset / 9)
polyak, careful = two_balls(3.3, 900)
verify(
    "the last three places of the heavy ball are those of the cycle",
    np.sort(polyak[-3:]),
    np.sort(cycle),
    atol=1e-9,
)
verify("Nesterov from the same place", careful[-1], 0.0, atol=1e-12)
verify(
    "f′ is strongly monotone between 1 and 25: extreme slopes of its chords",
    [
        f(np.diff(grad_kinked(np.linspace(-4, 4, 4001))) / 0.002)
        for f in (np.min, np.max)
    ],
    [1.0, 25.0],
    rtol=1e-6,
)

# %% [markdown]
r"""
**"$\eta=1/L$ is the optimal step."** It is the safe one. In the opening's valley $1/L$ needs $\lceil\ln(10^{-8})/\ln0.99\rceil$ steps against 939, nearly twice as many; and the descent lemma is met by every smaller step as well.

**"A mini-batch of 10 out of 60,000 makes training 6,000 times faster."** It makes a *step* 6,000 times cheaper. What is gained depends on how exact the answer has to be. For a mean of $n$ numbers, $t$ examples give the variance $\sigma^2/t$: for a rough answer, ten per cent of $\sigma$, a hundred examples do, a gain of 600. For an answer as good as the data allow, $\sigma^2/n$, all $n$ are needed and nothing is gained.

(learning-versus-optimization)=
**"The lower the training loss, the better."** Training lowers the loss on the data we have; what we want is a low loss on data to come. Two models fit twenty noisy points of a sine *exactly*. One is the polynomial of degree 19, the other a sum of 2,000 random ramps $\max(0,\pm(x-c))$ with the smallest weights. Both are global minima of the training loss.
"""


# %% tags=["set-up"]
def two_interpolators(seed):
    """Training and test errors of the two models on one draw of the noise: (2, 2)."""
    rng = np.random.default_rng(seed)
    x, x_new = np.linspace(0, 1, 20), np.linspace(0, 1, 400)
    y, y_new = (
        np.sin(2 * np.pi * x) + 0.1 * rng.normal(size=20),
        np.sin(2 * np.pi * x_new),
    )
    kinks, signs = rng.uniform(-0.1, 1.1, 2000), rng.choice([-1.0, 1.0], 2000)
    models = (
        lambda t: np.polynomial.legendre.legvander(2 * t - 1, 19),
        lambda t: np.maximum(0, signs * (t[:, None] - kinks)),
    )
    out = []
    for features in models:
        w = np.linalg.lstsq(features(x), y, rcond=1e-15)[0]
        out.append(
            [
                np.mean((features(t) @ w - target) ** 2)
                for t, target in ((x, y), (x_new, y_new))
            ]
        )
    return out


# (draws, models, training and test error)
thirty = np.array([two_interpolators(seed) for seed in range(30)])
always_zero = 0.5  # the mean square of a sine: the error of predicting zero
print("medians of 30 draws     training error    test error")
for name, values in zip(("degree 19", "2,000 ramps"), np.median(thirty, 0)):
    print(f"{name:20}{values[0]:18.0e}{values[1]:14.3g}")
print(f"{'predicting zero':20}{'':18}{always_zero:14.3g}")

# %% [markdown]
r"""
Same training loss, and a factor of ten thousand and more between them where it counts; the polynomial is far worse than predicting zero. Which global minimum one ends in, and whether one goes all the way, is decided by the model and by the algorithm: that is the subject of [Regularization](#early-stopping). If one stops early, the moment is chosen on *validation* data, never on the test set one reports.
"""

# %% tags=["checks"]
verify("both fit the points", np.median(thirty, 0)[:, 0], np.zeros(2), atol=1e-12)
verify_at_least(
    "test error of degree 19 over that of the ramps, the least of 30 draws",
    (thirty[:, 0, 1] / thirty[:, 1, 1]).min(),
    100,
)
verify_at_least(
    "degree 19 against predicting zero, the least of 30 draws",
    thirty[:, 0, 1].min() / always_zero,
    2,
)
verify_at_most(
    "the ramps against predicting zero, the worst of 30 draws",
    thirty[:, 1, 1].max() / always_zero,
    0.2,
)

# %% [markdown]
"""
(gd-exercises)=
## Exercises

Replace the `...` in a cell and run it; it answers at once. Everything above may be used.
"""

# %% [markdown]
r"""
:::{exercise} A gradient of your own
:label: ex-own-gradient
Write the gradient in $w$ of $f(w)=\sum_i\ln(1+e^{a_i^\top w})+\sum_jw_j^4$, where the $a_i$ are the rows of $A$, without a loop.
:::
"""

# %% tags=["yours"]
own_gradient = ...  # a function of A and w

exercise("own-gradient").check(own_gradient)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The derivative of $\ln(1+e^z)$ is $\frac1{1+e^{-z}}$, and $\nabla_wa_i^\top w=a_i$.

```python
own_gradient = lambda A, w: A.T @ (1 / (1 + np.exp(-A @ w))) + 4 * w**3
```

</details>

:::{exercise} A picky step
:label: ex-picky-step
Find a learning rate with which gradient descent on Himmelblau's function can settle in exactly two of the four minima.
:::
"""

# %% tags=["yours"]
picky_step = ...  # a number

exercise("picky-step").check(picky_step)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The limits are $2/\lambda_{\max}$: 0.0149, 0.0190, 0.0243 and 0.0248. Anything between the second and the third.

```python
picky_step = 0.021
```

</details>

:::{exercise} AdamW
:label: ex-adamw
*AdamW* subtracts $\eta\lambda\theta$ from $\theta$ in every step, beside Adam's step and not through $m$ and $v$. Write it, with the default $\beta$s and $\epsilon$.
:::
"""

# %% tags=["yours"]
adamw = ...  # a function of grad, x, eta, steps, weight_decay; returns the last x

exercise("adamw").check(adamw)

# %% [markdown]
r"""
<details><summary>Solution</summary>

```python
def adamw(grad, x, eta, steps, weight_decay):
    m = v = 0.0
    for t in range(1, steps + 1):
        g = grad(x)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        adam_step = eta * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        x = x - eta * weight_decay * x - adam_step
    return x
```

</details>

:::{exercise} The banana
:label: ex-rosenbrock
Reach the minimum $(1,1)$ of Rosenbrock's function from $(-1.2,1)$ to within $10^{-4}$ with at most 2,000 gradients, using gradients only.
:::
"""

# %% tags=["yours"]
rosenbrock = ...  # a function of grad and x that returns the last iterate

exercise("rosenbrock").check(rosenbrock)

# %% [markdown]
r"""
<details><summary>Solution</summary>

Nesterov's step with a growing $\beta$ overshoots along the bend; forgetting the momentum whenever it points uphill cures that {cite:p}`odonoghue2015`.

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
(gd-summary)=
## Summary

| idea | formula | where |
|---|---|---|
| gradient | slope along a unit vector is $\langle\nabla f,v\rangle$: steepest along $\nabla f$, zero along the level set | [slope](#eq-directional) |
| one step | $f(x-\eta g)\approx f-\eta\lVert g\rVert^2+\frac{\eta^2}2g^\top Hg$; it converges only where $\lambda_{\max}<2/\eta$ | [model](#eq-step-model), [limit](#eq-stable) |
| condition number | $\kappa=L/\mu$; best step $\frac2{L+\mu}$, factor $\frac{\kappa-1}{\kappa+1}$ | [best step](#eq-best-step) |
| convex | tangents lie below; $\nabla f=0$ is enough; $\mu$-strongly convex or PL: gap $\le(1-\mu/L)^t$ | [rate](#eq-linear-rate) |
| heavy ball | $\sqrt\beta=\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$ is also the factor; on parabolas no method that combines gradients has a better one | [tuning](#eq-heavy-ball), [bound](#eq-lower-bound) |
| Newton | $x\leftarrow x-H^{-1}g$: $\kappa=1$, errors squared, $O(d^3)$ a step | [update](#eq-newton) |
| mini-batches | right on average, squared error $S/m$; floor $\frac\eta{2-\eta}\frac{\sigma^2}m$ | [floor](#eq-noise-floor) |
| Adam | $\eta\,\hat m/(\sqrt{\hat v}+\epsilon)$: cures the scales of gradients, not ill-conditioning as such | [update](#eq-adam) |

**Further reading.** {cite:t}`goh2017` made momentum visible, and the map of $\eta\lambda$ and $\beta$ is his. {cite:t}`boyd2004` for convexity, {cite:t}`nesterov2018` for the rates and the bound, {cite:t}`bottou2018` for everything stochastic.
"""
