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
from scipy import optimize

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


@exercise.define("unlike-steps")
def _(answer):
    etas = np.asarray(answer, float)
    assert etas.shape == (3,), "three step sizes"
    lam = np.linspace(1, 100, 20_000)
    worst = abs(np.prod([1 - eta * lam for eta in etas], axis=0)).max()
    allowed = 1 / np.cosh(3 * np.arccosh(101 / 99))
    assert worst < allowed * 1.001, (
        f"your three steps keep up to {worst:.3f}; {allowed:.3f} can be had"
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


# %% tags=["picture"] mystnb={"image": {"alt": "Left, a narrow valley seen from above: the ball with the slope only hops from wall to wall and creeps along; the other first flies up the walls, then comes home. Right, distance to the minimum on a logarithmic axis: the first ball needs 939 steps to come within 1e-8, the second, after a rise at the start, 119."}}
def run_ball(eta, beta, kappa=100.0, tol=1e-8):
    """Path on (x₁² + κx₂²)/2 from (1, 1) until it is nearer than tol to the minimum."""
    steepness = np.array([1.0, kappa])
    path = [np.ones(2)] * 2
    while np.linalg.norm(path[-1]) >= tol:
        x, before = path[-1], path[-2]
        path.append(x - eta * steepness * x + beta * (x - before))
    return np.array(path[1:])


ball_paths = [run_ball(2 / 101, 0), run_ball((2 / 11) ** 2, (9 / 11) ** 2)]
first_ball, second_ball = (np.linalg.norm(path, axis=1) for path in ball_paths)

fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.1))
plot.contours(
    left,
    lambda x, y: 0.5 * (x**2 + 100 * y**2),
    (-0.3, 1.2),
    (-4, 4),
    [1, 10, 50, 150, 350, 700],
)
for path, distance, colour, name in zip(
    ball_paths,
    (first_ball, second_ball),
    (plot.BLUE, plot.RED),
    ("slope only", "slope and last move"),
):
    plot.path(left, path[:60], color=colour)
    right.semilogy(distance, color=colour, label=name)
left.set(xlabel="$x_1$", ylabel="$x_2$", title="sixty steps, from above")
right.set(xlabel="steps", ylabel="distance to the minimum", ylim=(1e-9, 1e3))
right.legend(loc="upper right", fontsize=9)
plt.show()

# %% [markdown]
r"""
The first needs 939 steps, the second 119, although it begins by flying up the walls, to almost three times its distance. By the middle of this chapter you will compute all of this with a pencil, and know in which sense no method that feels only slopes can do better. One number decides how long everything takes, the *condition number*, and the chapter is the story of what can be done about it: remember (momentum), bend the space (Newton), live with noise (stochastic gradients), and give every coordinate a step of its own (Adam).

You will be able to

- **derive** why the gradient is the way to go and how far curvature lets you go,
- **predict** the number of steps before running anything,
- **build** gradient descent, momentum, Nesterov's method, SGD and Adam in a few lines each, equal to PyTorch's,
- **choose** a method, a step and a schedule with a reason, and say what a fair comparison of optimisers needs.

It builds on eigenvalues and eigenvectors of symmetric matrices ([Linear algebra](#spectral-theorem)) and on partial derivatives. Reading takes an hour and a half. Throughout, $f$ is what we minimise, $g=\nabla f$ its gradient, $H$ its matrix of second derivatives, $\eta$ the step size or *learning rate*.
"""

# %% [markdown]
r"""
(which-way)=
## Which way is down?

Training a network is one question, asked a million times: which small nudge of the weights lowers the loss most? Take $f(x,y)=x^2+3y^2$ and stand at $(1,1)$, at height 4.

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

So two numbers know the slope in every direction: along $v=(1,1)/\sqrt2$ it is $(2+6)/\sqrt2\approx5.7$.
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
    angle=[0, 30, 71.6, 120, 161.6, 200, 251.6, 300, 341.6],
)

# %% [markdown]
r"""
By Cauchy and Schwarz $\langle\nabla f,v\rangle\le\|\nabla f\|\,\|v\|$, with equality exactly when $v$ points along $\nabla f$. Among all directions of length one the gradient is therefore the direction of *steepest ascent*, and its length $\|\nabla f\|$ is that slope: here $\sqrt{40}\approx6.3$ at $71.6°$. Downhill is the opposite way.

(level-set)=
**The flattest.** At $161.6°$, a quarter turn from the gradient, the slope is zero: that way runs the *level set* $\{x:f(x)=c\}$, the contour line through our point.

(gradient-orthogonal-to-level-set)=
If a curve $\gamma(t)$ stays in a level set, then $f(\gamma(t))$ is constant and

$$
0=\frac{d}{dt}f(\gamma(t))=\langle\nabla f(\gamma(t)),\dot\gamma(t)\rangle ,
$$ (eq-orthogonal)

so wherever $f$ is differentiable, in any dimension, the gradient is zero or stands at a right angle on the level set. A gradient step leaves the contour line at a right angle.
"""

# %% tags=["checks"]
fine = np.radians(np.linspace(0, 360, 3601))
scan = [slope(np.ones(2), np.array([math.cos(a), math.sin(a)])) for a in fine]
verify(
    "steepest of 3,600 directions: angle and slope",
    [fine[np.argmax(scan)], max(scan)],
    [math.atan2(6, 2), math.hypot(2, 6)],
    atol=1e-3,
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

The step has length $\eta\|\nabla f\|$, not $\eta$: on flat ground it shrinks by itself.
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

Take $\lambda=1$ and $x_0=1$. With $\eta=\frac12$ the ball goes $1,\frac12,\frac14,\dots$ With $\eta=1$ it is there at once. With $\eta=\frac32$ it overshoots and comes back: $1,-\frac12,\frac14,\dots$ With $\eta=2$ it jumps between $1$ and $-1$ for ever, and with $\eta=\frac52$ it is thrown out. It converges exactly when $|1-\eta\lambda|<1$, that is,

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
    eta=[0.1, 0.5, 1.0, 1.5, 1.9, 2.0, 2.05, 2.1, 2.3],
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
**Close up, everything is a parabola.** Look at $f$ from $x$ along a step $s$: $\varphi(t)=f(x+ts)$ has the slope $\varphi'(t)=\sum_i\frac{\partial f}{\partial x_i}(x+ts)\,s_i$. Apply the same rule to each $\frac{\partial f}{\partial x_i}$: $\varphi''(0)=\sum_{ij}\frac{\partial^2f}{\partial x_i\partial x_j}s_is_j$. If $f$ has three continuous derivatives, Taylor's formula for $\varphi$ gives

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

The first term is the gain, the second the bill that curvature sends. If $g^\top Hg>0$, the step pays as long as $\eta<2\|g\|^2/g^\top Hg$, and pays best at half of that. In the eigenbasis of $H$, $g^\top Hg=\sum_i\lambda_ic_i^2\le L\sum_ic_i^2=L\|g\|^2$ with the largest eigenvalue $L$, so in the model $\eta<2/L$ is always on the safe side.
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
**A step that is safe everywhere.** The model is only local. To be sure one needs a bound on the curvature along the whole way: $f$ is called *$L$-smooth* when its gradient changes by at most $L\|x-y\|$ between any two points. Then, by [the fundamental theorem of calculus](#fundamental-theorem-of-calculus) and Cauchy–Schwarz,

$$
f(x+s)-f(x)-\nabla f(x)^\top s=\int_0^1\bigl(\nabla f(x+ts)-\nabla f(x)\bigr)^\top s\,dt\le\int_0^1Lt\|s\|^2dt=\frac L2\|s\|^2,
$$

and with $s=-\eta g$ and $\eta=1/L$ every step lowers $f$ by at least

$$
f(x)-f(x-\tfrac1Lg)\ge\frac1{2L}\|g\|^2 .
$$ (eq-descent)

This *descent lemma* needs no convexity. If $f$ is bounded below, the sum of all $\|g\|^2$ is finite: the gradient tends to zero. But $L$ must bound the curvature wherever the path runs; $x^4$ has no such $L$, and from far enough out every fixed step explodes.

**A prediction.** Himmelblau's function $(x^2+y-11)^2+(x+y^2-7)^2$ has four minima, all of value 0. Near a minimum each direction of curvature is a parabola of its own (the next section says it exactly). So gradient descent can settle only where even the largest curvature is below $2/\eta$: a large step should *choose* among the minima. The largest eigenvalues of the Hessian there are
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
        x = x - eta * grad_himmelblau(x)
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
With the larger step the sharpest minimum, the cross at the lower left, has lost every single start: whoever comes near ends up jumping between two points on either side of it for ever. Gradient descent has a taste, and the taste is set by $\eta$.
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
stays = [
    np.linalg.norm(
        gradient_descent(grad_himmelblau, p + 1e-4, share * 2 / L, 4000)[-1] - p
    )
    < 1e-3
    for share in (0.99, 1.01)
    for p, L in zip(four_minima, sharpness)
]
verify(
    "started beside each of the four: it stays at 0.99 of the limit, not at 1.01",
    tuple(bool(s) for s in stays),
    (True,) * 4 + (False,) * 4,
)
verify(
    "large step: minima in which runs settle are those below 2/η",
    tuple(sorted(set(settled[0.0165]) - {-1})),
    tuple(sorted(stable[0.0165])),
)
lost_ones = settled[0.0165] == -1
jumping = gradient_descent(grad_himmelblau, grid[:, lost_ones], 0.0165, 2001)[-3:]
verify("every lost start jumps between two points", jumping[2], jumping[0], atol=1e-6)
verify_at_least("their distance", np.linalg.norm(jumping[2] - jumping[1], axis=0), 1.0)

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

One parabola is easy: $\eta=1/\lambda$ and you are there. But a valley has two. Which $\eta$ serves both? Take $f(x)=\frac12(x_1^2+3x_2^2)$ and start at $(1,1)$. The two coordinates do not know of each other: the first is multiplied by $1-\eta$ in each step, the second by $1-3\eta$. With $\eta=1$ the first is done at once, but the second explodes. With $\eta=\frac13$ the second is done at once and the first crawls. A compromise is $\eta=\frac12$, with factors $\frac12$ and $-\frac12$: the path $(1,1),(\frac12,-\frac12),(\frac14,\frac14),\dots$ zigzags home.

Nothing changes for a valley that lies askew. If $f(x)=\frac12x^\top Hx$ and $Hu_i=\lambda_iu_i$, write $x=\sum_ic_iu_i$; then $\nabla f=Hx=\sum_i\lambda_ic_iu_i$, so every eigen-coordinate goes its own way,

$$
c_i\leftarrow(1-\eta\lambda_i)\,c_i .
$$ (eq-eigen-factor)

(condition-number)=
Let all $\lambda_i$ lie between $\mu$ and $L$. The slowest coordinate decides, and $\max_i|1-\eta\lambda_i|$ is smallest when the two ends are equally bad, $1-\eta\mu=\eta L-1$:

$$
\eta=\frac2{L+\mu},\qquad\text{factor per step}\quad\frac{L-\mu}{L+\mu}=\frac{\kappa-1}{\kappa+1},\qquad\kappa=\frac L\mu .
$$ (eq-best-step)

Here it is, the one number: $\kappa$, the *condition number* of the Hessian. Not the number of variables, not the height of the walls, only how differently curved the valley is along and across. Since $\ln\frac{\kappa+1}{\kappa-1}\approx\frac2\kappa$, each factor $e$ of accuracy costs $\kappa/2$ steps.
"""


# %%
def gd_steps(kappa, accuracy):
    factor = (kappa - 1) / (kappa + 1)
    return math.ceil(math.log(accuracy) / math.log(factor))


# %% [markdown]
r"""
There goes the first ball. The opening's valley has $\kappa=100$, and the distance starts at $\sqrt2$ and has to come down to $10^{-8}$: $\lceil\ln(10^{-8}/\sqrt2)/\ln\frac{99}{101}\rceil=939$ steps. Make the valley narrower, and look for an $\eta$ that is good for both directions.
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
    kappa=[1.5, 8, 40],
    fraction_of_limit=[0.1, 0.3, 0.5, 0.8, 0.95],
)

# %% [markdown]
r"""
Where do such valleys come from? From units, for instance. Predict a price from the number of rooms (1 to 8) and the area in square feet (350 to 3,200): in least squares, $f(w)=\frac1{2n}\|Xw-y\|^2$, the Hessian is $X^\top X/n$, one feature is measured in ones and the other in thousands, and $\kappa$ feels the *square* of that. Divide each column by its spread, and centre it, and $\kappa$ collapses.
"""

# %%
rng = np.random.default_rng(4)
rooms = rng.uniform(1, 8, 500)  # setting
area = 350 * rooms + rng.uniform(0, 400, 500)  # setting


def condition_of(X):
    lam = np.linalg.eigvalsh(X.T @ X / len(X))
    return lam[-1] / lam[0]


raw = np.c_[rooms, area]
scaled = raw / raw.std(0)
standard = (raw - raw.mean(0)) / raw.std(0)
for name, X in (("raw", raw), ("same units", scaled), ("and centred", standard)):
    print(f"{name:12} {condition_of(X):12,.0f}")

# %% [markdown]
r"""
What is left is the correlation $\varrho$ of the two features: the Hessian is then $\begin{pmatrix}1&\varrho\\\varrho&1\end{pmatrix}$, so $\kappa=\frac{1+\varrho}{1-\varrho}$. For the same reason networks like their inputs standardised; [below](#gd-practice) it is measured.

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
corr = np.corrcoef(rooms, area)[0, 1]
verify(
    "standardised: (1 + ϱ)/(1 − ϱ)",
    condition_of(standard),
    (1 + corr) / (1 - corr),
    rtol=1e-9,
)
verify_at_least("raw over same units", condition_of(raw) / condition_of(scaled), 1000)
verify_at_least(
    "same units over centred", condition_of(scaled) / condition_of(standard), 2
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
Gradient descent ends where the gradient vanishes. Is that where we wanted to go? Take $f(x)=x^4-3x^2+x$. Its slope $4x^3-6x+1$ vanishes in a deep valley, in a shallow one, and on the hill between them at $x\approx0.17$. With small enough steps a ball that starts right of the hill ends in the shallow valley, and nothing that it can feel tells it so. (In several dimensions there are [saddles](#stationary-points) too.)
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

# %% tags=["checks"]
valleys = np.sort(np.roots([4, 0, -6, 1]).real)
verify(
    "left of the hill, right of the hill",
    gradient_descent(
        grad_two_valleys, valleys[1] + np.array([-1e-4, 1e-4]), 0.02, 2000
    )[-1],
    valleys[[0, 2]],
    atol=1e-8,
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

*No tangent rises above the graph anywhere.* (And if all do, $f$ is convex: put the tangent at the point $z$ of a chord under both its ends and average.) Where $\nabla f(x)=0$ it says $f(y)\ge f(x)$ for all $y$: one slope of zero, felt at one point, is a statement about the whole world.

(local-minima-of-convex-functions)=
:::{prf:theorem} Downhill is enough
:label: thm-convex
If $f$ is convex and differentiable, every stationary point is a global minimiser. The minimisers form a convex set (no chord between two of them can rise): empty, a single point, or more.
:::

Empty happens ($e^x$), and so does more than one ($\max(|x|-1,0)^2$ has a flat floor). What rules out both is curvature bounded from below by one $\mu>0$.

(strong-convexity)=
**And how fast?** Call $f$ *$\mu$-strongly convex* when at every point not only a line fits under the graph but a parabola of curvature $\mu>0$:

$$
f(y)\ge f(x)+\nabla f(x)^\top(y-x)+\frac\mu2\|y-x\|^2 .
$$ (eq-strong)

The parabola drives $f$ up in every direction, so there is a minimiser; and from it the inequality reads $f(y)\ge f^*+\frac\mu2\|y-x^*\|^2$, so there is only one.

(pl-condition)=
If one function is nowhere below another, neither is its minimum. So take the minimum over $y$ on both sides. On the left it is $f^*$; the parabola on the right is lowest at $y=x-g/\mu$, with value $f(x)-\frac1{2\mu}\|g\|^2$. Hence

$$
\tfrac12\|\nabla f(x)\|^2\ge\mu\,\bigl(f(x)-f^*\bigr),
$$ (eq-pl)

the *Polyak–Łojasiewicz condition*: whoever is far above the minimum feels a slope {cite:p}`karimi2016`.

(gd-rate-strongly-convex)=
Combine it with the [descent lemma](#eq-descent), $f(x_{t+1})\le f(x_t)-\frac1{2L}\|g\|^2$: subtract $f^*$ and put in $\frac12\|g\|^2\ge\mu(f-f^*)$, so that $f(x_{t+1})-f^*\le(1-\frac\mu L)(f(x_t)-f^*)$, and after $t$ steps

$$
f(x_t)-f^*\le\Bigl(1-\frac\mu L\Bigr)^t\bigl(f(x_0)-f^*\bigr).
$$ (eq-linear-rate)

So the straight line on the logarithmic plot is no privilege of parabolas, and again only $\kappa=L/\mu$ counts. The last step did not even use convexity: $x^2+3\sin^2x$ is wavy, yet has one stationary point and satisfies [the condition](#eq-pl). Here $L=8$, and between $-10$ and $10$ the best $\mu$ is about 0.18. This is what one step leaves of the gap, from every place, against the promise.
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


# %% tags=["picture"] mystnb={"image": {"alt": "Left: the wavy curve x squared plus three sine squared. Right: the share of the gap that one gradient step leaves, for every starting place; it rises close to the dashed promise beside each flat stretch of the curve and never crosses it."}}
wide = np.linspace(-10, 10, 20001)
wide = wide[abs(wide) > 1e-3]
mu_wavy = min(grad_wavy(x) ** 2 / (2 * (x**2 + 3 * np.sin(x) ** 2)) for x in wide)
height = wide**2 + 3 * np.sin(wide) ** 2
landed = wide - grad_wavy(wide) / 8  # L = 8
share_left = (landed**2 + 3 * np.sin(landed) ** 2) / height
fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.9))
left.plot(wide, height, color=plot.BLUE)
left.set(xlabel="$x$", title=r"$x^2+3\sin^2x$")
right.plot(wide, share_left, color=plot.RED)
right.axhline(1 - mu_wavy / 8, color=plot.GREY, ls="--")
right.text(-9.5, 1.01, r"promise $1-\mu/L$", color=plot.GREY)
right.set(xlabel="$x$", ylim=(0, 1.12), title="share of the gap left by one step")
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
worst_place = wide[np.argmin(grad_wavy(wide) ** 2 / (wide**2 + 3 * np.sin(wide) ** 2))]
from_two = [
    gap_and_bound(f_wavy, grad_wavy, np.array([start]), mu_wavy, 8.0, 60)
    for start in (9.0, worst_place)
]
verify(
    "descent lemma, wavy, L = 8, from 20,000 places: least gain of a step, over |g|²/2L",
    min((height - height * share_left) / (grad_wavy(wide) ** 2 / 16)),
    1.0,
    rtol=1e-4,
)
verify_at_most(
    "wavy, 20,000 places: share of the gap left by a step, over the promise",
    share_left.max() / (1 - mu_wavy / 8),
    1.0,
)
verify_at_most(
    "wavy, from two starts: gap over bound at every step",
    [gap[1:] / bound[1:] for gap, bound in from_two],
    1.0,
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
In the valley the ball wastes its time in two ways: across, it jumps to and fro; along, it creeps. Is there one cure for both? Let it remember. Keep a velocity $v$, wear it down by a factor $\beta$ in every step, and let the slope push it. With $\beta=0.9$, $\eta=1$ and a constant slope of 1 the moves are $1,\;1.9,\;2.71,\;3.44,\dots$ and tend to $1+0.9+0.81+\dots=10$. If the slope alternates, $+1,-1,+1,\dots$, the moves tend to $1-0.9+0.81-\dots\approx0.53$. What agrees is multiplied by $\frac1{1-\beta}$, what disagrees by $\frac1{1+\beta}$.

(momentum)=
$$
v_{t+1}=\beta v_t-\eta\nabla f(x_t),\qquad x_{t+1}=x_t+v_{t+1},\qquad v_0=0,\quad0\le\beta<1 .
$$ (eq-momentum)

This is Polyak's *heavy ball* {cite:p}`polyak1964`, or *momentum*. Because $v_t=x_t-x_{t-1}$, it is the opening's second ball: $x_{t+1}=x_t-\eta\nabla f(x_t)+\beta(x_t-x_{t-1})$. In PyTorch it is `SGD(params, lr=η, momentum=β)`, mostly with $\beta=0.9$: wherever the slopes agree that is ten times the step, so lower $\eta$ when you switch it on.
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
Save the valley that no learning rate could: $\kappa=40$, forty steps. Raise $\beta$ from zero and look for the moment when more becomes worse. At 1.2 times its limit plain descent flies off: from which $\beta$ on does the ball stay?
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
    beta=[0.0, 0.3, 0.5, 0.7, 0.9],
    fraction_of_limit=[0.3, 0.8, 1.2],
)

# %% [markdown]
r"""
Why is there a best $\beta$, and where? One eigen-coordinate with curvature $\lambda$ follows $x_{t+1}=(1+\beta-\eta\lambda)x_t-\beta x_{t-1}$. Try $x_t=r^t$: it is a solution when

$$
r^2-(1+\beta-\eta\lambda)\,r+\beta=0 .
$$ (eq-characteristic)

The path is a mixture $x_t=a\,r_1^t+b\,r_2^t$ of the two, so the root of larger size decides. Their product is $\beta$. If they are complex, they are conjugate (and so are $a$ and $b$, which makes $x_t$ real), both of size exactly $\sqrt\beta$, *whatever the curvature*. That is the heart of the matter: inside the complex region steep and flat directions converge equally fast. They are complex when $(1+\beta-\eta\lambda)^2<4\beta$, that is, when

$$
(1-\sqrt\beta)^2<\eta\lambda<(1+\sqrt\beta)^2 .
$$ (eq-complex)

Left of it the roots are real and positive: the ball creeps, too much friction. Right of it they are real and negative: it jumps from wall to wall, until at $\eta\lambda=2(1+\beta)$ it leaves, up to twice as late as plain descent. The map shows the size of the larger root, that is, the factor per step, for every $\eta\lambda$ and $\beta$; on its right the ball itself, from the three places with a dot.
"""


# %%
def factor_per_step(eta_lam, beta):
    b = 1 + beta - eta_lam
    root = np.sqrt(b**2 - 4 * beta + 0j)
    return np.maximum(abs(b + root), abs(b - root)) / 2


# %% tags=["picture"] mystnb={"image": {"alt": "Map of the factor per step over the product of rate and curvature (horizontal) and momentum (vertical). A tongue of complex roots, where only momentum matters, is bounded by two curves that meet at 1 for zero momentum and reach from 0 to 4 at momentum one; beyond the line 2(1+beta) everything diverges. A horizontal segment spans the tongue at the best setting. On the right the path of one coordinate at three places with the same momentum: it creeps down, swings past zero once and rests, or jumps from side to side ever less."}}
al, be = np.meshgrid(np.linspace(0, 4, 320), np.linspace(0, 1, 200))
fig, (ax, right) = plt.subplots(1, 2, figsize=(6.8, 3.7), width_ratios=[2, 1])
shown = ax.pcolormesh(
    al,
    be,
    np.where(factor_per_step(al, be) > 1, np.nan, factor_per_step(al, be)),
    cmap=plt.get_cmap("cividis", 16),
    vmin=0,
    vmax=1,
    rasterized=True,
)
fig.colorbar(shown, label="factor per step", ax=ax)
tongue = np.linspace(0, 1, 200)
ax.plot((1 - np.sqrt(tongue)) ** 2, tongue, color="white", lw=1)
ax.plot((1 + np.sqrt(tongue)) ** 2, tongue, color="white", lw=1)
q = (math.sqrt(40) - 1) / (math.sqrt(40) + 1)
ax.plot([(1 - q) ** 2, (1 + q) ** 2], [q**2, q**2], "o-", color="white", lw=2.5)
ax.text(0.3, q**2 + 0.03, r"the valley $\kappa=40$ at its best", color="white")
ax.text(3.0, 0.15, "leaves")
for name, place, colour in (
    ("creeps", 0.03, plot.GREEN),
    ("swings", 1.0, plot.RED),
    ("jumps", 2.7, plot.ORANGE),
):
    trace = heavy_ball(lambda x: x, 1.0, place, 0.4, 25)  # curvature 1
    right.plot(trace, ".-", color=colour, label=name, lw=1.2)
    ax.plot(place, 0.4, "o", color=colour, mec="white", ms=9)
right.set(xlabel="step", title=r"$x_t$ at $\beta=0.4$")
right.legend(loc="lower right")
ax.set(xlabel=r"$\eta\lambda$", ylabel=r"$\beta$")
ax.grid(False)
plt.show()

# %% [markdown]
r"""
A valley is a horizontal segment on this map, from $\eta\mu$ to $\eta L$: one $\beta$, one $\eta$, all curvatures between. Where does one put a segment whose right end is $\kappa$ times as far out as its left end? Inside the tongue the factor is $\sqrt\beta$, so as low as possible: both ends touch its edge, $\eta\mu=(1-\sqrt\beta)^2$ and $\eta L=(1+\sqrt\beta)^2$. Divide, take the root, solve:

$$
\sqrt\beta=\frac{\sqrt\kappa-1}{\sqrt\kappa+1},\qquad\eta=\Bigl(\frac2{\sqrt L+\sqrt\mu}\Bigr)^2,\qquad\text{factor per step}\quad\frac{\sqrt\kappa-1}{\sqrt\kappa+1} .
$$ (eq-heavy-ball)

Compare with [gradient descent](#eq-best-step): $\kappa$ has become $\sqrt\kappa$. For $\kappa=100$ the factor is $\frac9{11}$ instead of $\frac{99}{101}$.

<details><summary>Might a segment lower down, sticking out of the tongue, do better? No.</summary>

Both roots have size at most $\rho$ exactly when $\beta\le\rho^2$ and [the quadratic](#eq-characteristic) is not negative at $r=\pm\rho$. Put that in: $(1-\rho)(\rho-\beta)\le\rho\,\eta\lambda\le(1+\rho)(\rho+\beta)$. A segment that fits has $\kappa\le\frac{(1+\rho)(\rho+\beta)}{(1-\rho)(\rho-\beta)}$, which grows with $\beta$ up to its end at $\beta=\rho^2$, where it is $\bigl(\frac{1+\rho}{1-\rho}\bigr)^2$.

</details>

**The second ball**, exactly. At the two edges of the tongue the roots coincide, and next to $r^t$ there is the solution $t\,r^t$, so $x_t=(1+ct)\,r^t$ from $x_0=1$. Write $q=\sqrt\beta$. Along the valley $r=q$ and $x_1=1-\eta\mu=2q-q^2$; then $(1+c)q=2q-q^2$ gives $c=1-q$. Across it $r=-q$ and $x_1=1-\eta L=-2q-q^2$, so $c=1+q$. That is the flight up the walls: before $q^t$ wins, the factor $1+(1+q)t$ does. A factor per step says how a method ends, not how it begins.
"""


# %%
def second_ball_distance(t, q):
    return q**t * math.hypot(1 + (1 - q) * t, 1 + (1 + q) * t)


steps_needed = next(
    t for t in itertools.count() if second_ball_distance(t, 9 / 11) < 1e-8
)
highest = max(second_ball_distance(t, 9 / 11) for t in range(20)) / math.sqrt(2)
print(
    f"second ball, by pencil: {steps_needed} steps, at first up to {highest:.2f} times"
)

# %% tags=["checks"]
verify("steps of the second ball, run", len(second_ball) - 1, steps_needed)
verify("how far it flies, run", second_ball.max() / second_ball[0], highest, rtol=1e-9)
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

From $\kappa$ to $\sqrt\kappa$ with one line of code. With two lines, to $\sqrt[3]\kappa$?

(nesterov-momentum)=
**A more careful ball.** The heavy ball feels the slope where it stands and then rolls on. Nesterov's method {cite:p}`nesterov1983` first rolls on, and feels the slope there:

$$
y_t=x_t+\beta(x_t-x_{t-1}),\qquad x_{t+1}=y_t-\eta\nabla f(y_t).
$$ (eq-nesterov)

With $\eta=\frac1L$ and $\beta=\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$ the recurrence along an eigenvector has the roots of $r^2-(1+\beta)(1-\eta\lambda)\,r+\beta(1-\eta\lambda)=0$: at $\lambda=\mu$ a double root $r=1-\frac1{\sqrt\kappa}$, and smaller ones elsewhere. On parabolas that is half as fast as the heavy ball. What it buys is a guarantee for *every* $L$-smooth, $\mu$-strongly convex function: the gap $f(x_t)-f^*$ stays below a constant times $(1-\frac1{\sqrt\kappa})^t$ {cite:p}`nesterov2018`. The heavy ball, tuned [as above](#eq-heavy-ball), has no such guarantee, and *Beware* shows it lost for ever.
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
**No.** On this parabola every method that only combines the gradients it has seen is helpless. Think of an endless chain of springs, held at one end:

$$
f(x)=\tfrac12x^\top Ax-b^\top x,\qquad A=\tfrac{\kappa-1}4\begin{pmatrix}2&-1\\-1&2&-1\\&-1&2&\ddots\\&&\ddots&\ddots\end{pmatrix}+I,\qquad b=\tfrac{\kappa-1}4\,e_1 .
$$

The eigenvalues of the tridiagonal matrix lie between 0 and 4, so those of $A$ lie between 1 and $\kappa$. Its minimiser is $x_i=q^i$ with $q=\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$.

<details><summary>Why</summary>

It solves $Ax=b$. Below the first row that reads $\frac{\kappa-1}4(2x_i-x_{i-1}-x_{i+1})+x_i=0$, which $x_i=q^i$ solves when $q+\frac1q=2+\frac4{\kappa-1}$, and this is our $q$. The first row fits as well: there $x_0=q^0=1$ is the $b$. (In the code the chain has 300 links and ends in a corner $2-q$ that makes it behave as if it went on.)

</details>

Now start at zero. The first gradient is $-b$: it moves only the first link. Each further gradient multiplies by $A$ and so reaches *one link further*. After $t$ gradients all links beyond the $t$-th are still zero, and the error is at least what they should be:

$$
\|x_t-x^*\|^2\ge\sum_{i>t}q^{2i}=q^{2t}\,\|x^*\|^2 .
$$ (eq-lower-bound)

No cleverness helps against not having heard. As long as there are more links than steps, the factor $\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$ cannot be beaten, and it is the heavy ball's. (In few dimensions one can do better: in the plane of the opening two gradient steps are enough, $\eta=1$ and then $\frac1{100}$.) Four methods on the chain, among them *conjugate gradients*, which needs neither $\eta$ nor $\beta$ nor $\kappa$: each of its directions is made orthogonal, in the sense $d^\top Ad'=0$, to all before, so that no step undoes another, and its iterate is the best combination of all gradients so far (in the norm $x^\top Ax$):
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
Two methods run along the bound, and the heavy ball runs *on* it: after $t$ gradients its first $t$ links are exactly right, the others have not heard. (Conjugate gradients make another error small, so here they are a little behind; with as many steps as dimensions they end exactly.) For methods that feel slopes only, and for more dimensions than steps, the square root *is* the end of the road. Whoever wants more has to know more.
"""

# %% tags=["checks"]
verify("qⁱ solves the chain", np.linalg.solve(A_chain, b_chain), x_chain, atol=1e-10)
bound = q_chain ** np.arange(121)
verify_at_least(
    "all four: error over the bound at every step",
    [error[1:] / bound[1:] for error in chain_errors.values()],
    1.0,
    atol=1e-9,
)
verify(
    "all four: links beyond the sixtieth after sixty gradients",
    [path[60, 60:] for path in on_chain.values()],
    np.zeros((4, links - 60)),
    atol=1e-15,
)
verify(
    "the heavy ball meets the bound in every step",
    chain_errors["heavy ball"],
    bound,
    rtol=1e-3,
)
ends_of_spectrum = np.linalg.eigvalsh(A_chain)[[0, -1]]
verify_at_most(
    "eigenvalues of the chain: 1 over the smallest, the largest over κ",
    [1 / ends_of_spectrum[0], ends_of_spectrum[1] / kappa],
    1.0,
)
asked = []  # where a library's L-BFGS asks for a gradient
optimize.minimize(
    lambda x: (asked.append(x.copy()), (x @ pull(x) - b_chain @ x) / 2, pull(x))[1:],
    nothing,
    jac=True,
    method="L-BFGS-B",
    options={"ftol": 0, "gtol": 0, "maxfun": 80},
)
verify_at_least(
    "scipy's L-BFGS: error over the bound at each of 80 gradients",
    [
        np.linalg.norm(x - x_chain) / np.linalg.norm(x_chain) / q_chain**t
        for t, x in enumerate(asked[:80])
    ],
    1.0,
    atol=1e-9,
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

A factor such as $0.998$ agrees with almost anything to two per cent. Sharper is what it *costs*: the number of steps per factor $e$, $-1/\ln(\text{factor})$. Three methods, three condition numbers, each on a parabola with a random spectrum between 1 and $\kappa$, measured over the second half of a long run.
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
for kappa_row in (10, 100, 1000):  # setting
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
The accelerated methods are a little slower than predicted, all by the same 0.28 per cent. They have double roots at the end of the spectrum, and of $t\,r^t$ the factor $t$ doubles over the second half of the run: of 250 factors $e$ it takes back $\ln2$.
"""

# %% tags=["checks"]
verify(
    "accelerated methods: measured over theory is 250/(250 − ln 2)",
    np.delete(np.array(in_practice) / np.array(in_theory), [0, 3, 6]),
    np.full(6, 250 / (250 - math.log(2))),
    rtol=2e-5,
)

# %% [markdown]
r"""
(bend-the-space)=
## Bend the space

What could one know, other than slopes? Gradient descent depends on the units. Measure $x$ in other coordinates, $x=Sz$. The gradient with respect to $z$ is $S^\top\nabla f$, so a gradient step in $z$, seen in $x$, is

$$
x\leftarrow x-\eta\,SS^\top\nabla f(x) .
$$ (eq-preconditioned)

In the new coordinates the Hessian is $S^\top HS$. If we may choose and $H$ is positive definite, we choose $SS^\top=H^{-1}$: then $S^\top HS$ is the identity, $\kappa=1$, and $\eta=1$ arrives in a single step.

(newton-method)=
That is *Newton's method*, which jumps to the bottom of the [parabola](#eq-taylor) that fits best:

$$
x_{t+1}=x_t-H(x_t)^{-1}\nabla f(x_t).
$$ (eq-newton)

It uses second derivatives: a *second-order method*; those before were *first-order*. On a parabola it is done at once for any $\kappa$. On other functions it repeats, and near the minimum it is breathtaking. By hand: $f(x)=ax-\ln x$ has its minimum at $\frac1a$, with $f'=a-\frac1x$ and $f''=\frac1{x^2}$, so Newton's step is $x\leftarrow2x-ax^2$ (a division without dividing). The relative error $e=1-ax$ obeys

$$
e_{t+1}=1-a(2x_t-ax_t^2)=(1-ax_t)^2=e_t^2 .
$$

From $x=\frac12$ with $a=1$ the errors are $\frac12,\frac14,\frac1{16},\frac1{256},\dots$: each step *doubles the number of correct digits*. So it is near every minimum $x^*$ with an invertible Hessian, if $f$ has three continuous derivatives: since $\nabla f(x^*)=0$,

$$
x_{t+1}-x^*=H(x_t)^{-1}\bigl(\nabla f(x^*)-\nabla f(x_t)-H(x_t)(x^*-x_t)\bigr),
$$

and by Taylor's formula for $\nabla f$ the bracket is $O(\|x_t-x^*\|^2)$. On $x^4$, where the Hessian vanishes, each step only multiplies by $\frac23$. And from $x=2.5$, where $|e|=1.5$, squaring drives the division away for ever.
"""


# %%
def newton(grad, hessian, x, steps):
    path = [np.asarray(x, float)]
    for _ in range(steps):
        path.append(path[-1] - np.linalg.solve(hessian(path[-1]), grad(path[-1])))
    return np.array(path)


# %% [markdown]
r"""
Three prices. Far from the minimum Newton's jump must be shortened (a [line search](#line-search)). It goes to *any* stationary point: started near the top of $\cos x$, it climbs. And it needs a $d\times d$ matrix and $O(d^3)$ operations a step: for a million weights, $10^{12}$ numbers. Methods such as L-BFGS guess the curvature from how the last few gradients changed; on the chain even they stayed above [the bound](#eq-lower-bound), since they have heard no more.

What a network can afford is the cheapest shadow of the idea, a *diagonal* $SS^\top$: that will be Adam. First, the noise.
"""

# %% tags=["checks"]
reciprocal = newton(lambda x: 3 - 1 / x, lambda x: np.diag(1 / x**2), [0.2], 6)[:, 0]
verify(
    "1/3 without dividing: the error is squared",
    1 - 3 * reciprocal,
    0.4 ** (2.0 ** np.arange(7)),
    atol=1e-12,
)
verify(
    "on x⁴ each step multiplies by 2/3",
    newton(lambda x: 4 * x**3, lambda x: np.diag(12 * x**2), [1.0], 9)[:, 0],
    (2 / 3) ** np.arange(10),
    rtol=1e-12,
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
newton_errors = np.linalg.norm(plain - four_minima[0], axis=1)[1:4]
verify(
    "Himmelblau: the exponent from one error to the next",
    np.log(newton_errors[2] / newton_errors[1])
    / np.log(newton_errors[1] / newton_errors[0]),
    2.0,
    rtol=0.1,
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
How much must one know to take a step? A training loss is a mean over examples, $\mathcal R(\theta)=\frac1n\sum_i\ell_i(\theta)$, and its gradient a mean of $n$ gradients: for a million examples a high price for one step. *Stochastic gradient descent* (SGD) asks only a few: draw a *mini-batch* $B$ of $m$ examples and pretend that they are all,

$$
\theta\leftarrow\theta-\eta\,g_B,\qquad g_B=\frac1m\sum_{i\in B}\nabla\ell_i(\theta).
$$ (eq-sgd)

The smallest case: find the mean of $1,2,6$ by minimising $\frac13\sum_i\frac12(\theta-\xi_i)^2$. The true gradient is $\theta-3$. Single examples say $\theta-1$, $\theta-2$ or $\theta-6$: all wrong, and right on average.

(sgd-gradient-is-unbiased)=
:::{prf:theorem} What a mini-batch knows
:label: thm-minibatch
Let $g_1,\dots,g_n$ be the gradients of the examples, $\bar g$ their mean and $\tau^2=\frac1n\sum_i\|g_i-\bar g\|^2$ their spread. If $B$ is drawn uniformly,

$$
\mathbb E\,g_B=\bar g,\qquad\mathbb E\|g_B-\bar g\|^2=\frac{\tau^2}m\times\begin{cases}1&\text{with replacement}\\\frac{n-m}{n-1}&\text{without.}\end{cases}
$$ (eq-minibatch)
:::

<details><summary>Why</summary>

Each single draw has mean $\bar g$, so the mean of $m$ draws has. With replacement the draws are independent, their variances add up, and dividing by $m$ divides the sum by $m^2$. Without replacement any two draws have the same covariance $c$, and the mean of $m$ has the variance $\frac1{m^2}\bigl(m\tau^2+m(m-1)c\bigr)$. For $m=n$ nothing is left to chance and this is zero: $c=-\frac{\tau^2}{n-1}$. Put it in.

</details>

With $n=8$ one can ask *all* batches of three.
"""


# %%
def batch_error(spread, n, m, replacement):
    return spread / m * (1 if replacement else (n - m) / (n - 1))


example_gradients = np.random.default_rng(8).normal(size=(8, 2))  # (n, d)
spread = example_gradients.var(0).sum()
distinct = [
    example_gradients[list(B)].mean(0) for B in itertools.combinations(range(8), 3)
]
repeated = [
    example_gradients[list(B)].mean(0) for B in itertools.product(range(8), repeat=3)
]

# %% tags=["checks"]
verify(
    "mean of all 56 batches of three, and of all 512 draws with replacement",
    [np.mean(batches, 0) for batches in (distinct, repeated)],
    np.tile(example_gradients.mean(0), (2, 1)),
    atol=1e-12,
)
verify(
    "their mean squared errors",
    [np.var(batches, 0).sum() for batches in (distinct, repeated)],
    [batch_error(spread, 8, 3, replacement) for replacement in (False, True)],
    rtol=1e-10,
)

# %% [markdown]
r"""
(sgd-noise-floor)=
**It never quite stops.** With a constant step the noise keeps pushing. How far? For $\ell_i=\frac12(\theta-\xi_i)^2$ with $\operatorname{Var}\xi=\sigma^2$ the update is $\theta_{t+1}=(1-\eta)\theta_t+\eta\,\xi_t$. A batch of $m$ makes it $\sigma^2/m$ instead of $\sigma^2$. In equilibrium the variance must reproduce itself, $V=(1-\eta)^2V+\eta^2\sigma^2/m$, so

$$
V=\frac{\eta}{2-\eta}\,\frac{\sigma^2}m
$$ (eq-noise-floor)

the *noise floor*. The band in the picture is $\pm2\sqrt V$. Find two ways to make it narrow; then look at what one of them costs at the start.
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
    eta=[1.0, 0.5, 0.2, 0.03],
    batch_size=[1, 4, 32],
)

# %% [markdown]
r"""
A large step is quick but ends on a high floor, a small one ends low but is slow. So begin large and let $\eta_t$ decay ([schedules](#learning-rate-decay) are on the shelf). For finding a mean the right schedule is an old friend: with $\eta_t=\frac1{1+t}$ for $t=0,1,\dots$ the iterate is exactly the *running mean* of the $\xi$ seen so far, with variance $\sigma^2/(1+t)$.

And momentum is no free lunch here. The same balance for the pair $(x_t,x_{t-1})$ gives it the floor $\frac{\eta(1+\beta)}{(1-\beta)(2(1+\beta)-\eta)}\,\frac{\sigma^2}m$, for small steps that of plain descent with the step $\frac\eta{1-\beta}$, since that is how far each push carries in the end. Momentum 0.9 at an unchanged small $\eta$ raises the floor about tenfold.

<details><summary>The balance</summary>

With $a=1+\beta-\eta$ and the goal at zero, $x_{t+1}=a\,x_t-\beta\,x_{t-1}+\eta\,\xi_t$. Let $V=\mathbb E\,x_t^2$ and $C=\mathbb E\,x_tx_{t-1}$. Multiply by $x_t$ and take the mean: $C=aV-\beta C$. Square and take the mean: $V=(a^2+\beta^2)V-2a\beta C+\eta^2\frac{\sigma^2}m$. Put $C=\frac a{1+\beta}V$ in,

$$
\frac{1-\beta}{1+\beta}\bigl((1+\beta)^2-a^2\bigr)V=\eta^2\,\frac{\sigma^2}m ,
$$

and the bracket is $\eta\,(2(1+\beta)-\eta)$.

</details>
"""

# %% tags=["checks"]
rng = np.random.default_rng(12)


def floor_seen(eta, beta):
    return np.mean(
        heavy_ball(lambda x: x - rng.normal(size=4000), np.zeros(4000), eta, beta, 600)[
            -1
        ]
        ** 2
    )


verify(
    "floors with momentum 0, 0.5 and 0.9, 4,000 runs each, against the formula",
    [floor_seen(eta, beta) for eta, beta in ((0.2, 0.0), (0.3, 0.5), (0.02, 0.9))],
    [
        eta * (1 + beta) / ((1 - beta) * (2 * (1 + beta) - eta))
        for eta, beta in ((0.2, 0.0), (0.3, 0.5), (0.02, 0.9))
    ],
    rtol=4 * math.sqrt(2 / 4000),
)
in_turn, theta = np.random.default_rng(15).normal(size=50), 6.0
for t, xi in enumerate(in_turn):
    theta = theta - (theta - xi) / (1 + t)
verify(
    "steps 1/(1 + t): the iterate is the mean of what was seen", theta, in_turn.mean()
)

# %% [markdown]
r"""
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

Why the root? For a constant gradient $g$ the step is $\eta g/\sqrt{tg^2}=\pm\eta/\sqrt t$, *whatever the size of $g$*. The scale is gone; but the factor before $g$ only ever shrinks.

(rmsprop)=
**RMSProp** {cite:p}`tieleman2012` forgets. Instead of the sum it keeps a running mean with a memory of about $\frac1{1-\beta}$ steps,

$$
v_t=\beta v_{t-1}+(1-\beta)\,g_t^2,\qquad\theta\leftarrow\theta-\frac{\eta}{\sqrt{v_t}+\epsilon}\,g_t ,
$$ (eq-rmsprop)

and for a constant gradient the step tends to $\eta\operatorname{sign}g$.

(ema-momentum-with-bias-correction)=
**The start of a running mean.** A running mean that begins at zero is too small at first. With $\beta=0.9$ and the constant gradient 1 it runs $0.1,\;0.19,\;0.271,\dots=1-\beta^t$. Divide by $1-\beta^t$ and it is right from the first step on.

(adam)=
**Adam** {cite:p}`kingma2015` keeps two running means, of the gradient (that is momentum, with the factor $1-\beta_1$ already in it) and, with a longer memory, of its square, and corrects both:

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
by_hand, by_torch = [], []
for ours, theirs in (
    (adagrad, torch.optim.Adagrad),
    (rmsprop, torch.optim.RMSprop),
    (adam, torch.optim.Adam),
):
    for small, steps in (
        (0.5, 30),
        (1e-8, 12),
    ):  # the small number in the denominator counts too
        w = torch.tensor([1.3, -0.4], dtype=torch.float64, requires_grad=True)
        optimizer = theirs([w], lr=0.05, eps=small)
        for _ in range(steps):
            optimizer.zero_grad()
            himmelblau(*w).backward()
            optimizer.step()
        by_hand.append(
            ours(
                grad_himmelblau,
                [1.3, -0.4],
                0.05,
                steps,
                **{"delta" if ours is adagrad else "eps": small},
            )[-1]
        )
        by_torch.append(w.detach())
verify(
    "AdaGrad, RMSProp and Adam, with a large and a small ε, against torch.optim",
    by_hand,
    torch.stack(by_torch),
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
**What it buys.** A bowl with $\kappa=1000$: its axes along the coordinates, turned by $5°$, turned by $45°$. Gradient descent and the heavy ball have the settings of theory. Adam is favoured: for each draw of ten starts it may pick the best of 24 rates, once with its usual $\beta_2=0.999$ and once with a shorter memory, $0.9$. A baseline divides each coordinate of the gradient by its diagonal entry of the Hessian (Jacobi's preconditioner) and takes its best step. How many steps to a distance of $10^{-4}$, in the median of ten starts? The smallest and the largest of three draws:
"""


# %% tags=["set-up"]
def steps_until(path, distance=1e-4):
    """Per start: steps after which the path (steps + 1, 2, starts) stays within the distance of 0."""
    far = ~(np.linalg.norm(path, axis=1) < distance)
    last = len(far) - 1 - far[::-1].argmax(0)
    return np.where(far[-1], np.inf, np.where(far.any(0), last + 1, 0))


def contest(H, starts, rates=np.geomspace(4e-4, 0.3, 24), draws=3):  # setting
    """Method → median steps in each draw; β₂ → Adam's best rates, medians one rate on."""
    lam, D = np.linalg.eigvalsh(H), 1 / np.diag(H)[:, None]
    lam_D = np.linalg.eigvals(D * H).real
    root = math.sqrt(lam[-1] / lam[0])

    def medians(path):  # (rates, draws)
        return np.median(
            steps_until(path).reshape(-1, draws, len(starts.T) // draws), 2
        )

    fixed = {
        "gradient descent": (gradient_descent, (2 / (lam[0] + lam[-1]), 6500)),
        "heavy ball": (
            heavy_ball,
            ((2 / (root + 1)) ** 2 / lam[0], ((root - 1) / (root + 1)) ** 2, 600),
        ),
        "diagonal of H": (
            lambda _, x, *settings: gradient_descent(
                lambda x: D * (H @ x), x, *settings
            ),
            (2 / (lam_D.min() + lam_D.max()), 6500),
        ),
    }
    steps = {
        name: medians(method(lambda x: H @ x, starts, *settings))[0]
        for name, (method, settings) in fixed.items()
    }
    picked = {}
    x, etas = np.tile(starts, len(rates)), np.repeat(rates, len(starts.T))
    for name, beta2, most in (("Adam", 0.999, 7500), ("Adam, short memory", 0.9, 2500)):
        taken = medians(adam(lambda x: H @ x, x, etas, most, beta2=beta2))
        best = taken.argmin(0)  # all rates side by side
        steps[name] = taken.min(0)
        beyond = np.minimum(best + 1, len(rates) - 1)
        picked[beta2] = best, taken[beyond, range(draws)]
    return steps, picked


H_axes, thirty_starts = (
    np.diag([1.0, 1000.0]),
    np.random.default_rng(13).normal(size=(2, 30)),
)
contests, adam_rates, bowls = {}, {}, {}
for degrees in (0, 5, 45):
    a = math.radians(degrees)
    Q = np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    bowls[degrees] = Q @ H_axes @ Q.T
    contests[degrees], adam_rates[degrees] = contest(bowls[degrees], Q @ thirty_starts)
print(f"{'':20}{'along the axes':>18}{'turned by 5°':>18}{'turned by 45°':>18}")
for name in contests[0]:
    row = (contests[degrees][name] for degrees in contests)
    print(f"{name:20}" + "".join(f"{m.min():9.0f} to {m.max():5.0f}" for m in row))

# %% [markdown]
r"""
Along the axes Adam, which was told nothing but a rate, is as fast as the heavy ball, which was told $\kappa$. (But the rate must be right: a third more, and it can rattle for thousands of steps.) And whoever knows the diagonal of $H$ is done in one step.

Five degrees undo it. Adam now needs nine or ten times as many steps, while the diagonal of $H$ still beats the heavy ball. So that diagonal is not what Adam has found: it divides by the size of *gradients*, and the steep direction now fills both coordinates. At random places their sizes differ by 11, the diagonal entries by 116. At $45°$ nothing differs, and Adam is slower than gradient descent. Its cure is for *scales of coordinates*, not for ill-conditioning as such. With the short memory it makes nearly a step of fixed length in each coordinate: slower along the axes, but ahead of gradient descent at all three angles.

:::{admonition} A common slip
:class: caution
"Adam does not care about the scales of the parameters." It does not care about the scale of the *gradients*: multiply coordinate $i$ of every gradient by a positive constant and, with $\epsilon=0$, nothing changes. So on $\operatorname{diag}(1,\kappa)$ from $(1,1)$ both coordinates make the same moves for every $\kappa$. But its steps have the size of $\eta$. Measure a coordinate in millimetres instead of metres, and it takes a thousand times as many steps. Newton's method does not care about that either.
:::
"""

# %% tags=["checks"]
verify(
    "gradient descent by formula, three draws",
    contests[0]["gradient descent"],
    [
        np.median(math.log(1e-4) - np.log(np.linalg.norm(ten_starts, axis=0)))
        / math.log(999 / 1001)
        for ten_starts in np.split(thirty_starts, 3, axis=1)
    ],
    rtol=1e-3,
)
verify(
    "gradient descent and the heavy ball do not notice the turns",
    [contests[a][n] for a in (5, 45) for n in ("gradient descent", "heavy ball")],
    [contests[0][n] for _ in (5, 45) for n in ("gradient descent", "heavy ball")],
    rtol=0.01,
)
verify(
    "Adam's 18 best rates that sit on an edge of the grid",
    sum(
        int(np.isin(best, (0, 23)).sum())
        for picked in adam_rates.values()
        for best, _ in picked.values()
    ),
    0,
)
verify_at_least(
    "Adam along the axes, a rate of the grid too far: most steps over those at the best",
    max(adam_rates[0][0.999][1] / contests[0]["Adam"]),
    10,
)
verify(
    "the diagonal of H: one step along the axes, as slow as without at 45°",
    [contests[0]["diagonal of H"], contests[45]["diagonal of H"]],
    [np.ones(3), contests[45]["gradient descent"]],
    rtol=1e-3,
)
verify_at_most(
    "along the axes, three draws: Adam over the heavy ball",
    contests[0]["Adam"] / contests[0]["heavy ball"],
    1.1,
)
verify_at_least(
    "5°, three draws: Adam over itself along the axes",
    contests[5]["Adam"] / contests[0]["Adam"],
    5,
)
verify_at_most(
    "5°, three draws: the diagonal of H over the heavy ball",
    contests[5]["diagonal of H"] / contests[5]["heavy ball"],
    0.9,
)
sin2 = math.sin(math.radians(5)) ** 2
sizes = (bowls[5] @ np.random.default_rng(14).normal(size=(2, 100_000))).std(1)
verify(
    "5°: ratios of gradient sizes and of diagonal entries, from H² and H in its axes",
    [sizes[1] / sizes[0], bowls[5][1, 1] / bowls[5][0, 0]],
    [
        math.sqrt((sin2 + 1000**2 * (1 - sin2)) / (1 - sin2 + 1000**2 * sin2)),
        (sin2 + 1000 * (1 - sin2)) / (1 - sin2 + 1000 * sin2),
    ],
    rtol=0.01,
)
verify_at_least(
    "45°, three draws: Adam over gradient descent",
    contests[45]["Adam"] / contests[45]["gradient descent"],
    1.0,
)
verify_at_most(
    "short memory over gradient descent, three draws at three angles",
    [c["Adam, short memory"] / c["gradient descent"] for c in contests.values()],
    0.5,
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

Drag the start over the landscape, and the setting over [the map](#eq-complex): from where you let go, gradient descent, the heavy ball, Nesterov's method and Adam run. The first uses only $\eta$, the next two $\eta$ and $\beta$; Adam has a step of its own. On the map the two marks are the smallest and the largest curvature at a minimum of the landscape.

Three things to find. In the valley: the setting at which the heavy ball is fastest, and one at which it loses to plain gradient descent. On the [saddle](#stationary-points): what it costs to start almost on the ridge. In Himmelblau's landscape: a start from which momentum carries the ball past the nearest minimum into another.
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

All of it in an ordinary PyTorch loop: a network with one hidden layer learns to read 1,100 digits of $8\times8$ pixels; another 300 are for choosing (*validation*), 397 for the final report (*test*). The network and its loss are those of [Backpropagation](#multilayer-perceptron) and [Regression](#softmax).
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
def train_network(X, optimizer, seed=0, epochs=8, batch=64):  # setting
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    loss, step = nn.CrossEntropyLoss(), optimizer(model.parameters())
    X, y = X[train], labels[train]
    for _ in range(epochs):
        for B in torch.randperm(1100).split(batch):  # shuffled anew in every epoch
            step.zero_grad()
            loss(model(X[B]), y[B]).backward()
            step.step()
    return model


# %% [markdown]
r"""
(epoch-and-shuffling)=
One sweep over the data is an *epoch*, and the examples are shuffled before each. Show a linear classifier the digits sorted, first all zeros, at last all nines, and it forgets what it saw first. Or is it that nines are easy to say? The control shows them from nine down to zero:
"""


# %%
def one_epoch(order, seed):
    torch.manual_seed(seed)
    model, loss = nn.Linear(64, 10), nn.CrossEntropyLoss()
    step = torch.optim.SGD(model.parameters(), lr=0.3)  # setting
    for B in order.split(16):  # setting
        step.zero_grad()
        loss(model(pixels[B]), labels[B]).backward()
        step.step()
    return model(pixels[validate]).argmax(1)


# %%
by_class = torch.argsort(labels[train], stable=True)  # setting


def mixed(seed):
    return by_class[torch.randperm(1100, generator=torch.Generator().manual_seed(seed))]


# %%
said = {
    name: torch.stack([one_epoch(order(seed), seed) for seed in range(5)])  # setting
    for name, order in (
        ("zero to nine", lambda _: by_class),
        ("nine to zero", lambda _: by_class.flip(0)),
        ("shuffled", mixed),
    )
}

# %% tags=["set-up"]
right_share = {n: (a == labels[validate]).double().mean(1) for n, a in said.items()}
for name, answers in said.items():
    nines, zeros = ((k).double().mean() for k in (answers >= 8, answers <= 1))
    print(
        f"{name:13} right {right_share[name].mean():.2f}   says 8 or 9 {nines:.2f}   says 0 or 1 {zeros:.2f}"
    )

# %% tags=["checks"]
verify_at_least(
    "accuracy shuffled minus sorted, either way, each of five seeds",
    torch.stack(
        [
            right_share["shuffled"] - right_share[name]
            for name in ("zero to nine", "nine to zero")
        ]
    ),
    0.5,
)
verify_at_least(
    "share of answers that name one of the two classes shown last, over their true share",
    [
        (said["zero to nine"] >= 8).double().mean()
        / (labels[validate] >= 8).double().mean(),
        (said["nine to zero"] <= 1).double().mean()
        / (labels[validate] <= 1).double().mean(),
    ],
    2.0,
)

# %% [markdown]
r"""
It is forgetting: either way it says little but what it saw last.

**Which optimiser?** A fair answer needs the same network, data and number of epochs for all; the same grid of learning rates, wide enough that no winner sits on its edge; a choice by validation loss; fresh seeds for the report, with their spread. And it needs controls. Adam contains two things, momentum and steps of its own; with $\beta_1=0$ it has only the second. And the same digits come four times: as they are; with every pixel measured in a unit of its own (factors from 0.05 to 5, drawn anew for every seed); those same inputs turned by a random rotation, so that no input coordinate is special; and the badly scaled ones again, but *standardised* first, pixel by pixel. Guess the winners before you look.
"""

# %% tags=["set-up"]
from functools import cache


@cache
def own_units(seed):
    """Every pixel in a unit of its own, drawn with the seed."""
    units = np.random.default_rng(100 + seed).permutation(np.geomspace(0.05, 5, 64))
    return pixels * torch.tensor(units, dtype=torch.float32)


@cache
def rotated(seed):
    """The same, turned by a random rotation."""
    square = np.random.default_rng(200 + seed).normal(size=(64, 64))
    return own_units(seed) @ torch.tensor(np.linalg.qr(square)[0], dtype=torch.float32)


@cache
def standardised(seed):
    """The badly scaled ones, standardised pixel by pixel in the units they come in."""
    X, spread = own_units(seed), own_units(seed)[train].std(0)
    return (X - X[train].mean(0)) / torch.where(spread > 0, spread, 1.0)


inputs = {  # seed → (1797, 64)
    "as they are": lambda seed: pixels,
    "own units": own_units,
    "turned": rotated,
    "standardised": standardised,
}
optimizers = {
    "SGD": lambda p, lr: torch.optim.SGD(p, lr, fused=True),
    "SGD, momentum 0.9": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, fused=True),
    "Adam, β₁ = 0": lambda p, lr: torch.optim.Adam(p, lr, (0.0, 0.999), fused=True),
    "Adam": lambda p, lr: torch.optim.Adam(p, lr, fused=True),
}


def side_by_side(X, seeds, optimizer, orders, batch=64):
    """train_network on X[k] with seeds[k], as one stack: validation losses, test accuracies.

    The optimisers work number by number, so a stack of networks changes nothing.
    """
    starts, shown = [], []
    for seed in seeds:
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        starts.append([p.detach() for p in model.parameters()])
        shown.append(torch.stack(orders(seed)))  # (epochs, rows)
    stack = [torch.stack(p).requires_grad_() for p in zip(*starts)]
    step, X, run = optimizer(stack), torch.stack(X), torch.arange(len(seeds))[:, None]

    def loss(X, y, reduction):  # X (runs, n, 64), y (runs, n)
        W, b, V, c = stack
        hidden = torch.baddbmm(b[:, None], X, W.mT).relu()
        logits = torch.baddbmm(c[:, None], hidden, V.mT).mT  # (runs, 10, n)
        return nn.functional.cross_entropy(logits, y, reduction=reduction), logits

    for epoch in torch.stack(shown, 1):  # (runs, rows)
        for B in epoch.split(batch, 1):
            step.zero_grad()
            (loss(X[run, B], labels[B], "sum")[0] / B.shape[1]).backward()
            step.step()
    with torch.no_grad():
        true = labels.expand(len(seeds), -1)
        losses = loss(X[:, validate], true[:, validate], "none")[0].mean(1)
        answers = loss(X[:, test], true[:, test], "none")[1].argmax(1)
    return losses.numpy(), (answers == labels[test]).double().mean(1).numpy()


def shuffles(epochs):
    return lambda seed: [torch.randperm(1100) for _ in range(epochs)]


def trained(name, lr, kinds, seeds):
    """Validation losses and test accuracies (kinds, seeds) at this learning rate."""
    runs = list(itertools.product(kinds, seeds))
    both = side_by_side(
        [inputs[kind](seed) for kind, seed in runs],
        [seed for _, seed in runs],
        lambda p: optimizers[name](p, lr),
        shuffles(8),
    )
    return [values.reshape(len(kinds), len(seeds)) for values in both]


# %%
grid_of_rates = np.geomspace(0.003, 3, 5)  # setting
chosen_rate, accuracies = {}, {}
for name in optimizers:
    tried = [trained(name, lr, inputs, (0, 1))[0].sum(1) for lr in grid_of_rates]
    for kind, best in zip(inputs, grid_of_rates[np.nanargmin(tried, 0)]):
        chosen_rate[kind, name] = best
        fresh_seeds = range(10, 16)  # setting
        accuracies[kind, name] = trained(name, best, [kind], fresh_seeds)[1][0]

# %% tags=["set-up"]
print(f"{'test accuracy':20}" + "".join(f"{kind:>16}" for kind in inputs))
for name in optimizers:
    row = (accuracies[kind, name] for kind in inputs)
    print(f"{name:20}" + "".join(f"{a.mean():8.3f} ± {a.std(ddof=1):.3f}" for a in row))


def nearest_right(X):
    answers = labels[train][torch.cdist(X[test], X[train]).argmin(1)]
    return (answers == labels[test]).double().mean().item()


neighbours = {
    kind: np.mean([nearest_right(X(seed)) for seed in range(10, 16)])
    for kind, X in inputs.items()
}
print(
    f"{'nearest neighbour':20}"
    + "".join(f"{a:8.3f}        " for a in neighbours.values())
)
print("\nchosen rate")
for name in optimizers:
    print(
        f"{name:20}"
        + "".join(f"{chosen_rate[kind, name]:8.3f}        " for kind in inputs)
    )
added = {  # (kind, what, to what) → difference for each seed
    (kind, what, base): accuracies[kind, name] - accuracies[kind, base]
    for what, name, base in (
        ("momentum", "SGD, momentum 0.9", "SGD"),
        ("own steps", "Adam, β₁ = 0", "SGD"),
        ("own steps", "Adam", "SGD, momentum 0.9"),
    )
    for kind in inputs
}
lost_by_turning = (
    added["own units", "own steps", "SGD, momentum 0.9"]
    - added["turned", "own steps", "SGD, momentum 0.9"]
)


def mean_and_error(values):
    return values.mean(), values.std(ddof=1) / len(values) ** 0.5


print("\nwhat it adds, seed by seed, with its standard error")
for what, base in dict.fromkeys(key[1:] for key in added):
    row = (mean_and_error(added[kind, what, base]) for kind in inputs)
    name = f"{what} to {'SGD' if base == 'SGD' else 'momentum'}"
    print(f"{name:22}" + "".join(f"{m:6.3f} ± {e:.3f}  " for m, e in row))
print(
    "the last, lost by turning: {:.3f} ± {:.3f}".format(
        *mean_and_error(lost_by_turning)
    )
)

# %% [markdown]
r"""
Read it by columns. *As they are*: momentum is what counts; steps of one's own add nothing to it, and to plain SGD nothing that so coarse a grid can show: its seeds scatter so much that a lucky one would have hidden the gap. *Own units*: SGD suffers badly, Adam least, and either half of Adam, alone, mends most of the damage. *Turned*: on the bowl this took Adam's lead over the heavy ball away, and here it takes a good part of it. What stays need not be about the inputs: the scales that differ between layers and units were not turned. *Standardised*, from those same bad units: all four are equal, and better than any network before. Here one line of preprocessing was worth more than the choice of the optimiser.

Two more things. The chosen rates differ by a factor of thirty between methods, so comparing two optimisers at the same rate compares nothing. And the nearest neighbour, which learns nothing, beats every network on the pixels as they are.
"""

# %% tags=["checks"]
mean_accuracy = {key: values.mean() for key, values in accuracies.items()}
gains = {
    kind: mean_accuracy[kind, "Adam"] - mean_accuracy[kind, "SGD"] for kind in inputs
}
verify_at_least("own units: what Adam gains on plain SGD", gains["own units"], 0.15)
verify_at_least(
    "own units: share of that which momentum alone, and own steps alone, gain",
    [
        added["own units", half, "SGD"].mean() / gains["own units"]
        for half in ("momentum", "own steps")
    ],
    0.5,
)
in_errors = lambda values: np.divide(*mean_and_error(values))
verify_at_least(
    "in standard errors: what momentum adds to SGD as they are, own steps to momentum in own units, what the turn takes of it",
    [
        in_errors(values)
        for values in (
            added["as they are", "momentum", "SGD"],
            added["own units", "own steps", "SGD, momentum 0.9"],
            lost_by_turning,
        )
    ],
    2,
)
verify_at_most(
    "as they are: what own steps add to SGD and to momentum, in standard errors",
    [
        abs(in_errors(added["as they are", "own steps", base]))
        for base in ("SGD", "SGD, momentum 0.9")
    ],
    2,
)
verify_at_least(
    "share of their lead over momentum that the turn takes",
    lost_by_turning.mean()
    / added["own units", "own steps", "SGD, momentum 0.9"].mean(),
    1 / 3,
)
alone = train_network(pixels, lambda p: optimizers["Adam"](p, 0.01), seed=3)
with torch.no_grad():
    alone_loss = nn.functional.cross_entropy(alone(pixels[validate]), labels[validate])
verify(
    "a network of the stack, against the same one trained alone: validation loss",
    trained("Adam", 0.01, inputs, (2, 3))[0][0, 1],
    alone_loss,
    rtol=1e-3,
)
other_units = (pixels - pixels[train].mean(0)) / pixels[train].std(0)
verify(
    "standardised, the units no longer show: the pixels that vary, from their own",
    standardised(10)[train][:, pixels[train].std(0) > 0],
    other_units[train][:, pixels[train].std(0) > 0],
    atol=1e-3,
)
after = [mean_accuracy["standardised", name] for name in optimizers]
verify_at_most("standardised: best minus worst of the four", np.ptp(after), 0.01)
verify_at_least(
    "standardised, the worst of four, minus the best of all others",
    min(after)
    - max(m for (kind, _), m in mean_accuracy.items() if kind != "standardised"),
    0.0,
)
verify_at_least(
    "as they are: nearest neighbour minus the best of four",
    neighbours["as they are"]
    - max(mean_accuracy["as they are", name] for name in optimizers),
    0.0,
)
verify(
    "choices that sit on an edge of the grid",
    sum(rate in (grid_of_rates[0], grid_of_rates[-1]) for rate in chosen_rate.values()),
    0,
)
verify_at_least(
    "largest chosen rate over the smallest",
    max(chosen_rate.values()) / min(chosen_rate.values()),
    10,
)

# %% [markdown]
r"""
(gd-beware)=
## Beware

**"Heavy ball with the best setting is never worse than gradient descent."** On parabolas. Bend one and see. Here is a strongly convex function with curvature 25 outside and 1 in a short piece in the middle,

$$
f'(x)=\begin{cases}25x&x<1\\x+24&1\le x<2\\25x-24&x\ge2\end{cases}
$$

so $\mu=1$, $L=25$, and [the recipe](#eq-heavy-ball) gives $\eta=\frac19$, $\beta=\frac49$ {cite:p}`lessard2016`. Move the start. From most places the ball comes home; of the starts between $-5$ and $5$ about one in eight never does. They end on a cycle of three points, all where the curvature is 25. There both roots of [the quadratic](#eq-characteristic) are $-\frac23$: the cycle pulls in its neighbours as surely as a minimum would.
"""


# %%
def grad_kinked(x):
    return np.where(x < 1, 25 * x, np.where(x < 2, x + 24, 25 * x - 24))


def two_balls(start, steps=60):  # setting
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
    alt="Position against step: Nesterov's method always comes to rest at 0; the heavy ball does from most starts, but from 3.3, 3.1, 2.8 and 1.0 it runs through the same three points for ever",
    start=[3.3, 3.1, 2.8, 2.5, 1.8, 1.0, 0.6, -1.5],
)

# %% tags=["checks"]
# A cycle of three, one point beyond 2 and two left of 1, obeys three linear equations.
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
last_three = two_balls(np.linspace(-5, 5, 2001), 900)[0][-3:]
never_home = abs(last_three[-1]) > 0.1
verify(
    "of 2,001 starts: the last three places of all that are lost, against the cycle",
    np.sort(last_three[:, never_home], axis=0),
    np.tile(np.sort(cycle)[:, None], never_home.sum()),
    atol=1e-9,
)
verify_at_most(
    "their share: its distance from one in eight", abs(never_home.mean() - 1 / 8), 0.005
)
beside = heavy_ball(grad_kinked, np.array([3.3, 3.3 + 1e-3]), 1 / 9, 4 / 9, 50)
pulled_in = abs(np.diff(beside, axis=1)[:, 0])
verify(
    "two balls a thousandth apart approach each other like t (2/3)^t",
    pulled_in[50] / pulled_in[25],
    2 * (2 / 3) ** 25,
    rtol=0.1,
)
f_kinked = lambda x: np.where(
    x < 1,
    12.5 * x**2,
    np.where(x < 2, x**2 / 2 + 24 * x - 12, 12.5 * x**2 - 24 * x + 36),
)
many_starts = np.linspace(-5, 5, 200)
nesterov_gap = f_kinked(two_balls(many_starts)[1])
verify_at_most(
    "Nesterov from 200 starts, sixty steps: gap over f(x₀) + μx₀²/2 times (1 − 1/√κ)^t",
    nesterov_gap[1:]
    / (0.8 ** np.arange(61)[:, None] * (f_kinked(many_starts) + many_starts**2 / 2))[
        1:
    ],
    1.0,
    source="nesterov2018",
)
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
**"$\eta=1/L$ is the optimal step."** It is the safe one. In the opening's valley it needs $\lceil\ln(10^{-8})/\ln0.99\rceil=1833$ steps against 939. A step $\eta<2/L$ is sure to gain $\eta(1-\frac{\eta L}2)\|g\|^2$; what $1/L$ maximises is this promise, not the speed.

(forgetting-zero-grad)=
**Forgetting `zero_grad`.** PyTorch *adds* each gradient to those before. Without `zero_grad` the step is $-\eta(g_0+\dots+g_t)$, that of [the heavy ball](#eq-momentum) with $\beta=1$. As long as $\eta\lambda<4$ both roots have size $\sqrt\beta=1$: no friction, and on a parabola the ball swings for ever. From $\eta\lambda=4$ on it leaves.
"""

# %% tags=["checks"]
verify(
    "steps with η = 1/L in the opening's valley",
    len(run_ball(1 / 100, 0)) - 1,
    math.ceil(math.log(1e-8) / math.log(0.99)),
)
w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
forgetful, forgotten = torch.optim.SGD([w], lr=0.02), []
for _ in range(400):
    f_ellipse(w).backward()
    forgetful.step()
    forgotten.append(w.detach().numpy().copy())
verify(
    "torch without zero_grad is the heavy ball with β = 1",
    forgotten,
    heavy_ball(grad_ellipse, [1.0, -2.0], 0.02, 1.0, 400)[1:],
    atol=1e-9,
)
times = np.arange(41)
verify(
    "η = 4, λ = 1: it leaves, step by step",
    heavy_ball(lambda x: x, [1.0], 4.0, 1.0, 40)[:, 0],
    (-1.0) ** times * (2 * times + 1),
    rtol=1e-9,
)
verify(
    "it swings as far in the last hundred steps as in the first",
    abs(np.array(forgotten)[-100:]).max(0),
    abs(np.array(forgotten)[:100]).max(0),
    rtol=0.02,
)

# %% [markdown]
r"""
(learning-versus-optimization)=
**"The lower the training loss, the better."** Training lowers the loss on the data we have; what we want is a low loss on data to come. Two models fit twenty noisy points of a sine *exactly*, both global minima of the training loss: the polynomial of degree 19, and the sum of 2,000 random ramps $\max(0,\pm(x-c))$ with the smallest weights.
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
Same training loss, and in the median a factor of a hundred thousand where it counts; the polynomial is far worse than predicting zero. Which global minimum one ends in, and whether one goes all the way, is the subject of [regularization](#early-stopping). If one stops early, the moment is chosen on *validation* data, never on the test set.
"""

# %% tags=["checks"]
verify("both fit the points", np.median(thirty, 0)[:, 0], np.zeros(2), atol=1e-12)
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

:::{exercise} Three steps, not alike
:label: ex-unlike-steps
Curvatures between 1 and 100, three gradient steps. With the best constant step the worst direction keeps $(\frac{99}{101})^3\approx0.94$. Find three different steps that keep less than $0.85$ of *every* direction. (The share that is kept is a polynomial of degree three in $\lambda$ with the value 1 at $\lambda=0$. Where should its zeros be, so that it stays small on all of $[1,100]$?)
:::
"""

# %% tags=["yours"]
unlike_steps = ...  # three step sizes

exercise("unlike-steps").check(unlike_steps)

# %% [markdown]
r"""
<details><summary>Solution</summary>

The share is $\prod_k(1-\eta_k\lambda)$, with zeros at $1/\eta_k$. Among such polynomials the stretched *Chebyshev polynomial* $T_3$ is smallest on the interval; its zeros are cosines, crowded towards the ends. With $t$ steps it keeps $1/T_t(\frac{\kappa+1}{\kappa-1})$, which for large $t$ shrinks by $\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$ a step: momentum, without a memory.

```python
zeros = 101 / 2 + 99 / 2 * np.cos(np.pi * np.array([1, 3, 5]) / 6)
unlike_steps = 1 / zeros
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
| heavy ball | $\sqrt\beta=\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$ is also the factor; on parabolas of many dimensions no method that combines gradients has a better one | [tuning](#eq-heavy-ball), [bound](#eq-lower-bound) |
| Newton | $x\leftarrow x-H^{-1}g$: $\kappa=1$, errors squared, $O(d^3)$ a step | [update](#eq-newton) |
| mini-batches | right on average, squared error $\propto1/m$; floor $\frac\eta{2-\eta}\frac{\sigma^2}m$ | [floor](#eq-noise-floor) |
| Adam | $\eta\,\hat m/(\sqrt{\hat v}+\epsilon)$: cures the scales of gradients, not ill-conditioning as such | [update](#eq-adam) |

**Further reading.** {cite:t}`goh2017` made momentum visible, and the map of $\eta\lambda$ and $\beta$ is his. {cite:t}`boyd2004` for convexity, {cite:t}`nesterov2018` for the rates and the bound, {cite:t}`bottou2018` for everything stochastic.
"""

# %% [markdown]
r"""
(gd-shelf)=
## The shelf

What the thread did not need stands here, to be consulted rather than read through: every entry can be read alone.
"""

# %% tags=["set-up"]
import time

from scipy import integrate

from helpers import measured, verify_within_se

# %% [markdown]
r"""
(optimization-problem)=
### The optimisation problem

Given $f:\mathbb R^d\to\mathbb R$, find a *minimiser* $x^*\in\arg\min_x f(x)$; the value $f^*=f(x^*)$ is the *minimum*. In general this is hopeless: a function that is zero except for one deep hole somewhere defeats every method. What can be done depends on what is known about $f$. A bowl, and the same bowl with an egg box laid over it (Rastrigin's function): one good optimiser, a hundred random starts each.
"""


# %% tags=["picture"] mystnb={"image": {"alt": "Two contour plots with the end points of a hundred runs. On the bowl all of them coincide, on Rastrigin's function they are scattered over a grid of local minima."}}
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
(derivative)=
### Derivative

The *derivative* of $f$ at $x$ is the limit of the slopes of secants,

$$
f'(x)=\lim_{h\to0}\frac{f(x+h)-f(x)}h .
$$ (eq-derivative)

It is positive where $f$ grows to the right, and it is the slope of the best straight line at $x$. For $f(x)=x^2$ the quotient is $2x+h$, so $f'(x)=2x$.
"""


# %% tags=["picture"]
def secant(h):
    fig, ax = plt.subplots(figsize=(6.8, 2.9))
    x = np.linspace(-0.5, 3.4, 200)
    rise = (math.sin(1 + h) - math.sin(1)) / h
    ax.plot(x, np.sin(x), color=plot.BLUE, label="sine")
    ax.plot(
        x,
        math.sin(1) + math.cos(1) * (x - 1),
        color=plot.GREY,
        lw=1,
        label="tangent at 1",
    )
    ax.plot(x, math.sin(1) + rise * (x - 1), color=plot.RED, label="secant")
    ax.plot([1, 1 + h], np.sin([1, 1 + h]), "o", color=plot.RED)
    ax.set(
        ylim=(-0.8, 2),
        xlabel="$x$",
        title=f"slope {rise:.3f}, derivative {math.cos(1):.3f}".replace("-", "−"),
    )
    ax.legend(loc="lower center", ncols=3)
    return fig


explore(
    secant,
    alt="The sine curve, its tangent at 1 and the secant through 1 and 1 + h; they merge as h shrinks",
    h=[2.0, 1.5, 1.0, 0.5, 0.2, 0.01],
)

# %% [markdown]
r"""
On a computer $h$ must not be too small. By Taylor's formula the forward quotient is off by $\frac h2|f''|$, the central one, $\frac{f(x+h)-f(x-h)}{2h}$, by $\frac{h^2}6|f'''|$; rounding adds about $\epsilon/h$ with $\epsilon\approx2\cdot10^{-16}$. The sum is smallest near $h=\sqrt\epsilon$ and $h=\sqrt[3]\epsilon$.
"""


# %%
def forward(f, x, h):
    return (f(x + h) - f(x)) / h


def central(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


# %% tags=["checks"]
spot = np.linspace(0.5, 1.5, 400)
rms = lambda error: np.sqrt(np.mean(error**2))
verify(
    "sine: errors over h and over h², against f″/2 and f‴/6",
    [
        (forward(np.sin, spot, 1e-5) - np.cos(spot)) / 1e-5,
        (central(np.sin, spot, 1e-3) - np.cos(spot)) / 1e-6,
    ],
    [-np.sin(spot) / 2, -np.cos(spot) / 6],
    rtol=1e-3,
)
powers = np.arange(-13.0, -1.9, 0.25)
verify(
    "the best h, as a power of ten: a half and a third of the rounding's",
    [
        powers[np.argmin([rms(q(np.sin, spot, 10**p) - np.cos(spot)) for p in powers])]
        for q in (forward, central)
    ],
    np.log10(np.finfo(float).eps) * np.array([1 / 2, 1 / 3]),
    atol=0.5,
)

# %% [markdown]
r"""
(derivative-rules)=
### Rules for derivatives

| | because |
|---|---|
| $\Bigl(\dfrac fg\Bigr)'=\dfrac{f'g-g'f}{g^2}$ | $f=\frac fg\,g$, so $f'=(\frac fg)'g+\frac fg\,g'$ by the product rule |
| $(\tan x)'=\dfrac1{\cos^2x}=1+\tan^2x$ | quotient rule for $\frac{\sin x}{\cos x}$, and $\cos^2+\sin^2=1$ |
| $(a^x)'=a^x\ln a$ for $a>0$ | $a^x=e^{x\ln a}$ and the chain rule |
"""

# %% tags=["checks"]
x = torch.tensor(np.random.default_rng(20).uniform(-1.4, 1.4, 20), requires_grad=True)
by_autograd = [
    torch.autograd.grad(f(x).sum(), x)[0]
    for f in (lambda x: torch.sin(x) / (2 + x**3 / 3), torch.tan, lambda x: 3**x)
]
z = x.detach().numpy()
verify(
    "quotient, tangent and 3ˣ at twenty points, by automatic differentiation",
    torch.stack(by_autograd),
    [
        (np.cos(z) * (2 + z**3 / 3) - z**2 * np.sin(z)) / (2 + z**3 / 3) ** 2,
        1 / np.cos(z) ** 2,
        3**z * math.log(3),
    ],
    rtol=1e-10,
    atol=1e-12,
)

# %% [markdown]
r"""
(scalar-and-vector-fields)=
### Scalar fields and vector fields

A *scalar field* $f:\mathbb R^n\to\mathbb R$ gives every point a number, a *vector field* $F:\mathbb R^n\to\mathbb R^n$ an arrow, that is, $n$ numbers. The several numbers that come out are harmless: they are $n$ scalar fields. The difficulty sits in the domain, where a derivative needs a direction. $\nabla f$ is a vector field, but not every vector field is a gradient. By the chain rule a walk from $a$ to $b$ adds up $\int\nabla f\cdot dx=f(b)-f(a)$, so around a closed loop a gradient adds up to zero. The field $(-y,x)$, which runs in circles, does not: in the plane the loop collects the integral of the *curl* $\partial_xF_2-\partial_yF_1$ inside it, here $2$ times the area. For a gradient the curl is zero because mixed second derivatives are equal.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Left: arrows of the gradient of x squared plus three y squared, orthogonal to its contour lines, pointing outwards. Right: arrows of (-y, x), which run around the origin."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 3.1), sharey=True)
mesh = np.array(np.meshgrid(np.linspace(-1.6, 1.6, 11), np.linspace(-1.6, 1.6, 11)))
plot.contours(axes[0], lambda x, y: x**2 + 3 * y**2, (-1.8, 1.8), (-1.8, 1.8), 7)
axes[0].quiver(*mesh, *grad_ellipse(mesh), color=plot.BLUE)
axes[1].quiver(*mesh, -mesh[1], mesh[0], color=plot.RED)
axes[0].set(title="a gradient: no way round gains", xlabel="$x$", ylabel="$y$")
axes[1].set(title="no gradient: every round gains", xlabel="$x$")
axes[1].grid(False)
plt.show()

# %% tags=["checks"]
angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
loop = np.array(
    [0.5 + 2 * np.cos(angle), -0.3 + np.sin(angle)]
)  # an ellipse of area 2π
along = np.array([-2 * np.sin(angle), np.cos(angle)])
once_around = [
    (F * along).sum(0).mean() * 2 * np.pi
    for F in (grad_himmelblau(loop), np.array([-loop[1], loop[0]]))
]
verify(
    "once around: a gradient, and (−y, x) with the area inside",
    once_around,
    [0.0, 2 * 2 * np.pi],
    atol=1e-9,
)

# %% [markdown]
r"""
(differentiability)=
### Differentiable is more than having partial derivatives

$f$ is *differentiable* at $x$ when one linear map serves all directions: $f(x+s)=f(x)+\nabla f(x)^\top s+o(\|s\|)$. Partial derivatives, even slopes in *all* directions, may exist without that. Take

$$
f(x,y)=\frac{x^2y}{x^4+y^2},\qquad f(0,0)=0 .
$$

From the origin in direction $(a,b)$ the slope is $\frac{a^2}b$, or $0$ if $b=0$: both partial derivatives are zero, yet $f=\frac12$ all along the parabola $y=x^2$. The function is not even continuous.

*Continuous* partial derivatives are enough: split the step $s$ into $n$ steps along the axes; by the mean value theorem each changes $f$ by $s_i\frac{\partial f}{\partial x_i}$ at a point nearby. They are not necessary: $g(x)=x^2\sin\frac1x$ with $g(0)=0$ has $g'(0)=\lim h\sin\frac1h=0$, while $g'$ takes the values $1$ and $-1$ as near to zero as one likes. Gradient descent needs $f$ (not its gradient) to be differentiable, in practice almost everywhere.
"""


# %% tags=["checks"]
def f_ridge(x, y):
    return x**2 * y / (x**4 + y**2)


turn_by = np.linspace(0.1, 3.0, 30)
a, b = np.cos(turn_by), np.sin(turn_by)
verify(
    "slopes at the origin in thirty directions",
    f_ridge(1e-6 * a, 1e-6 * b) / 1e-6,
    a**2 / b,
    atol=1e-8,
)
g_wild = lambda x: x**2 * np.sin(1 / x)
near = 1 / (np.pi * np.array([1000, 1001]))
verify(
    "x² sin(1/x): its slopes at two neighbours close to 0, by differences",
    (g_wild(near + 1e-11) - g_wild(near - 1e-11)) / 2e-11,
    [-1.0, 1.0],
    atol=1e-6,
)

# %% [markdown]
r"""
(fundamental-theorem-of-calculus)=
### Fundamental theorem of calculus

Slopes add up to the difference: $f(y)-f(x)=\int_x^yf'(\tau)\,d\tau$ for a continuous $f'$. In several variables put $\varphi(s)=f(x+s(y-x))$, whose slope is $\nabla f^\top(y-x)$ by [the chain rule](#eq-directional):

$$
f(y)-f(x)=\int_0^1\nabla f\bigl(x+s(y-x)\bigr)^\top(y-x)\,ds ,
$$ (eq-ftc)

and in the same way along any curve from $x$ to $y$. This is the first line of the [descent lemma](#l-smoothness).
"""

# %% tags=["checks"]
nodes, weights = np.polynomial.legendre.leggauss(40)
s, weights = (nodes + 1) / 2, weights / 2
torch.manual_seed(21)
tiny_net = torch.nn.Sequential(
    torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
).double()
s = torch.tensor(s)
bend = torch.stack(
    [torch.cos(3 * s), s**2, torch.sin(3 * s)], 1
).requires_grad_()  # a curve in space
velocity = torch.stack([-3 * torch.sin(3 * s), 2 * s, 3 * torch.cos(3 * s)], 1)
(slopes,) = torch.autograd.grad(tiny_net(bend).sum(), bend)
ends = torch.tensor(
    [[1.0, 0.0, 0.0], [math.cos(3), 1.0, math.sin(3)]], dtype=torch.float64
)
verify(
    "a small network: gradients added up along a bent curve",
    torch.tensor(weights) @ (slopes * velocity).sum(1),
    tiny_net(ends).diff(dim=0).squeeze(),
    rtol=1e-9,
)

# %% [markdown]
r"""
(taylor-series)=
### Taylor series

A function is *analytic* at $a$ when, near $a$, it equals its Taylor series

$$
f(x)=\sum_{k=0}^\infty\frac{f^{(k)}(a)}{k!}(x-a)^k,\qquad\text{e.g.}\quad e^x=\sum_k\frac{x^k}{k!},\quad\ln(1+x)=\sum_{k\ge1}(-1)^{k+1}\frac{x^k}k\;(|x|<1).
$$

Smoothness is not enough. $e^{-1/x^2}$ (with the value 0 at 0) has all its derivatives at 0 equal to zero, because $e^{-1/x^2}$ dies faster than any power of $x$; its series is zero, the function is not. And the series may hold on a part only: summing a geometric series,

$$
\ln(1+x)-\sum_{k=1}^n(-1)^{k+1}\frac{x^k}k=(-1)^n\int_0^x\frac{t^n}{1+t}\,dt ,
$$

which tends to zero for $-1<x\le1$ and grows without bound for $x>1$: the logarithm's singularity at $-1$ is one unit away, and a Taylor series reaches no further than to the nearest such point, complex ones included.
"""


# %% tags=["checks"]
def log_sum(x, n):
    return sum((-1) ** (k + 1) * x**k / k for k in range(1, n + 1))


verify(
    "ln(1 + x) at 0.5 and 1.5: what 5 and 20 terms miss, against the integral",
    [math.log1p(x) - log_sum(x, n) for x in (0.5, 1.5) for n in (5, 20)],
    [
        (-1) ** n * integrate.quad(lambda t: t**n / (1 + t), 0, x)[0]
        for x in (0.5, 1.5)
        for n in (5, 20)
    ],
    rtol=1e-6,
)

# %% [markdown]
r"""
(taylor-remainder)=
### Taylor's formula with its remainder

Stop after $n$ terms. For $f\in C^{n+1}$ ($n+1$ times *continuously* differentiable) what is left over is

$$
R_n=\int_{x_0}^x\frac{f^{(n+1)}(t)}{n!}(x-t)^n\,dt=\frac{f^{(n+1)}\bigl(x_0+\vartheta(x-x_0)\bigr)}{(n+1)!}(x-x_0)^{n+1}
$$ (eq-remainder)

for some $\vartheta\in(0,1)$ (Lagrange's form). The integral comes from [the fundamental theorem](#eq-ftc) by $n$ integrations by parts; Lagrange's form follows since $(x-t)^n$ does not change sign, so the integral is a weighted mean of values of $f^{(n+1)}$. Where is that $\vartheta$? Comparing with one more term of the series, it tends to $\frac1{n+2}$ as $x\to x_0$, if $f^{(n+2)}(x_0)$ exists and is not zero.
"""

# %% tags=["checks"]
sine_slope = lambda k, t: np.sin(t + k * np.pi / 2)  # the k-th derivative of the sine
x0, x1 = 0.3, 2.0
rebuilt = [
    sum(sine_slope(k, x0) / math.factorial(k) * (x1 - x0) ** k for k in range(n + 1))
    + integrate.quad(
        lambda t: sine_slope(n + 1, t) / math.factorial(n) * (x1 - t) ** n, x0, x1
    )[0]
    for n in range(7)
]
verify(
    "polynomial and integral together give sin 2, n = 0 to 6",
    rebuilt,
    np.full(7, math.sin(2)),
    atol=1e-12,
)
h = 0.02
left_over = [
    math.exp(h) - sum(h**k / math.factorial(k) for k in range(n + 1)) for n in range(4)
]
verify(
    "eˣ near 0: Lagrange's ϑ for n = 0 to 3",
    [
        math.log(R * math.factorial(n + 1) / h ** (n + 1)) / h
        for n, R in enumerate(left_over)
    ],
    [1 / (n + 2) for n in range(4)],
    rtol=0.01,
)

# %% [markdown]
r"""
(stationary-points)=
### Stationary points and saddles

A *stationary point*, $\nabla f=0$, may be a minimum, a maximum or, in several dimensions, neither. The function $x^2-y^2+\frac14y^4$ has the Hessian $\operatorname{diag}(2,\,3y^2-2)$. At $(0,\pm\sqrt2)$ both eigenvalues are positive: minima. At the origin one is negative: a *saddle*, a minimum along $x$ and a maximum along $y$. Start exactly on the ridge, at $(1,0)$, and gradient descent walks into it and stays. From $(1,\delta)$ it escapes, but how soon? Near the saddle each step multiplies $y$ by $1+2\eta$, so every decimal place of $\delta$ costs $\ln10/\ln(1+2\eta)$ steps: a delay like the logarithm of $1/\delta$.
"""


# %%
def grad_saddle(p):
    return np.array([2 * p[0], -2 * p[1] + p[1] ** 3])


def escape_time(delta, eta):
    path = gradient_descent(grad_saddle, [1.0, delta], eta, 600)  # setting
    return int(np.argmax(abs(path[:, 1]) > 0.5))


print("delta     1e-2  1e-4  1e-6  1e-8")
print("steps  ", *(f"{escape_time(d, 0.1):5d}" for d in (1e-2, 1e-4, 1e-6, 1e-8)))


# %% tags=["checks"]
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
(convex-set)=
### Convex set

$S$ is *convex* if with any two points it holds the segment between them: $\lambda x+(1-\lambda)x'\in S$ for all $x,x'\in S$, $0\le\lambda\le1$. The whole of $\mathbb R^d$ is; so are half-spaces $\{a^\top x\le b\}$ (a mean of numbers up to $b$ is at most $b$) and balls (triangle inequality). Intersections of convex sets are convex, for the segment lies in each of them: hence the simplex of probability vectors, and the positive semidefinite matrices, an intersection of the half-spaces $v^\top Mv\ge0$. A circle (without its inside) is not, and neither are the matrices of rank one: $\frac12(e_1e_1^\top+e_2e_2^\top)$ has rank two.
"""


# %%
def leaving(member, points, rng):
    """Share of random segments between points of a set that leave the set."""
    assert all(member(p) for p in points)
    ends = rng.permutation(points)
    lam = rng.uniform(size=(len(points), *[1] * (points.ndim - 1)))
    return np.mean([not member(p) for p in lam * points + (1 - lam) * ends])


# %% tags=["checks"]
rng = np.random.default_rng(22)
cloud, factors = rng.normal(size=(2000, 3)), rng.normal(size=(2000, 3, 3))
balls = cloud / np.maximum(1, np.linalg.norm(cloud, axis=1, keepdims=True))
caps = balls[balls[:, 0] <= 0.2]
ring = cloud[:, :2] / np.linalg.norm(cloud[:, :2], axis=1, keepdims=True)
rank_one = cloud[:, :, None] * cloud[:, None]
verify(
    "segments that leave a ball, a cut ball, a simplex, the semidefinite matrices; a circle, the matrices of rank one",
    [
        leaving(lambda p: p @ p <= 1 + 1e-12, balls, rng),
        leaving(lambda p: p @ p <= 1 + 1e-12 and p[0] <= 0.2, caps, rng),
        leaving(
            lambda p: p.min() >= 0 and abs(p.sum() - 1) < 1e-12,
            rng.dirichlet(np.ones(3), 2000),
            rng,
        ),
        leaving(
            lambda M: np.linalg.eigvalsh(M)[0] >= -1e-12,
            factors @ factors.transpose(0, 2, 1),
            rng,
        ),
        leaving(lambda p: abs(p @ p - 1) < 1e-12, ring, rng),
        leaving(lambda M: np.linalg.matrix_rank(M, 1e-9) == 1, rank_one, rng),
    ],
    [0, 0, 0, 0, 1, 1],
    atol=0.01,
)

# %% [markdown]
r"""
(strict-convexity)=
### Strict convexity

$f$ is *strictly convex* when chords lie strictly above the graph between their end points. Then there is *at most* one minimiser: between two of equal value the chord would be level and the graph below it. There may be none. $e^x$ is strictly convex, and gradient descent on it runs off for ever, like $-\ln t$. Existence needs more, for instance that $f\to\infty$ in all directions, or [strong convexity](#strong-convexity), which gives exactly one. Nor does strictness make it quick: $x^4$ is strictly convex with $f''(0)=0$, and since $\dot x=-4x^3$ has the solution $1/\sqrt{8t}$, gradient descent approaches its minimum only like $1/\sqrt{8\eta t}$. And $|x|$ is convex, but not strictly.
"""

# %% tags=["checks"]
verify(
    "eˣ with η = 1: after ten thousand steps",
    gradient_descent(np.exp, [0.0], 1.0, 10_000)[-1],
    [-math.log(10_000)],
    atol=1e-3,
)
verify(
    "x⁴ with η = 0.1: after ten thousand steps",
    gradient_descent(lambda x: 4 * x**3, [1.0], 0.1, 10_000)[-1],
    [1 / math.sqrt(8 * 0.1 * 10_000)],
    rtol=0.01,
)

# %% [markdown]
r"""
(second-order-convexity-condition)=
### Second-order condition for convexity

A twice differentiable $f$ (on a convex open set) is convex if and only if $f''\ge0$; in several variables, if and only if no eigenvalue of the Hessian is negative anywhere. *Why.* $f$ is convex when it is so along every line. There $\varphi(t)=f(x+tv)$ has $\varphi''=v^\top Hv$, and [Lagrange's remainder](#eq-remainder) says that $\varphi$ lies above its tangents if $\varphi''\ge0$, and below them near a point where $\varphi''<0$. It is the second derivative that counts: $x^2$ falls left of zero, $f'(-1)<0$, and is convex.

For the *log-sum-exp* $\ln\sum_ie^{x_i}$ the gradient is the softmax $p$ and $H=\operatorname{diag}(p)-pp^\top$, so $v^\top Hv$ is the variance of $v_i$ under $p$: never negative, and zero exactly for constant $v$.
"""

# %% tags=["checks"]
points = torch.tensor(np.random.default_rng(23).normal(size=(100, 5)) * 3)
of_lse = torch.stack(
    [torch.autograd.functional.hessian(lambda x: x.logsumexp(0), x) for x in points]
)
v = torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0], dtype=torch.float64)
verify(
    "log-sum-exp: vᵀHv at 100 points, against the variance of v",
    torch.einsum("i,nij,j->n", v, of_lse, v),
    [np.cov(v, aweights=p, ddof=0) for p in points.softmax(1).numpy()],
    rtol=1e-8,
)
lam, Q = np.linalg.eigh(hessian_himmelblau((0.0, 0.0)))
verify(
    "Himmelblau's function is not convex: along an eigenvector at 0 it bends down by the eigenvalue",
    (himmelblau(*1e-3 * Q[:, 0]) - 2 * himmelblau(0, 0) + himmelblau(*-1e-3 * Q[:, 0]))
    / 1e-6,
    min(lam),
    rtol=1e-4,
)

# %% [markdown]
r"""
(convexity-preserving-operations)=
### Operations that preserve convexity

For convex $f,g$ these are convex, and the condition cannot be dropped:

| operation | why | fails without |
|---|---|---|
| $\alpha f+\beta g$, $\alpha,\beta\ge0$ | add the two inequalities | $\alpha<0$: $-x^2$ |
| $\max(f,g)$ | both lie below the larger chord | $\min$: of $(x-1)^2$ and $(x+1)^2$ |
| $g\circ f$, $g$ also non-decreasing | $g(f(\cdot))\le g(\text{chord of }f)\le$ chord of $g\circ f$ | $u^2$ after $x^2-1$: a double well |
| $x\mapsto f(Ax+b)$ | segments go to segments | (no condition) |
"""


# %%
def below_graph(f):
    """How far a chord of f on [−2, 2] comes to lie below the graph (0: never)."""
    x, y, alpha = np.meshgrid(
        np.linspace(-2, 2, 41), np.linspace(-2, 2, 41), np.linspace(0, 1, 21)
    )
    return np.max(f((1 - alpha) * x + alpha * y) - (1 - alpha) * f(x) - alpha * f(y))


# %% tags=["checks"]
f, g = (lambda x: (x - 1) ** 2), (lambda x: (x + 1) ** 2)
kept = (
    lambda x: 2 * f(x) + 3 * abs(x),
    lambda x: np.maximum(f(x), g(x)),
    lambda x: np.exp(f(x)),
    lambda x: f(3 - 2 * x),
)
lost_it = (
    lambda x: -(x**2),
    lambda x: np.minimum(f(x), g(x)),
    lambda x: (x**2 - 1) ** 2,
)
verify(
    "sum, maximum, growing function of, affine map in; negative factor, minimum, square of x² − 1: chords below by",
    [below_graph(k) for k in (*kept, *lost_it)],
    [0, 0, 0, 0, 0 + 2**2, f(0) - f(1), (0 - 1) ** 2 - (1 - 1) ** 2],
    atol=1e-9,
)

# %% [markdown]
r"""
(lipschitz-continuity)=
### Lipschitz continuity

$f$ is *$L$-Lipschitz* if it stretches no distance by more than $L$: $\|f(x_1)-f(x_2)\|\le L\|x_1-x_2\|$ (between metric spaces, $d_Y\le L\,d_X$). For a continuously differentiable $f$ on a convex open set the smallest such $L$ is the supremum of the spectral norm of its Jacobian: at most that by [the fundamental theorem](#eq-ftc), at least that because close up $f$ *is* its Jacobian. ReLU and $\tanh$ have $L=1$, the sigmoid $\frac14$, a matrix its largest singular value. Constants multiply when maps are composed, so the product of the layers' spectral norms bounds that of a network; the truth may be far below. $\sqrt x$ has none near 0: from 0 to $h$ its slope is $1/\sqrt h$.
"""

# %% tags=["checks"]
x = np.linspace(-6, 6, 60_001)
verify(
    "steepest chord of ReLU, sigmoid and tanh",
    [
        np.max(np.diff(y) / np.diff(x))
        for y in (np.maximum(x, 0), 1 / (1 + np.exp(-x)), np.tanh(x))
    ],
    [1, 1 / 4, 1],
    rtol=1e-7,
)
rng = np.random.default_rng(25)
W1, W2 = rng.normal(size=(30, 10)), rng.normal(size=(5, 30))
net = lambda z: np.tanh(z @ W1.T) @ W2.T
u = rng.normal(size=(5000, 10))
push = rng.normal(size=u.shape) * rng.choice([1e-3, 1.0], (5000, 1))
at_zero = (
    1e-6 * np.linalg.svd(W2 @ W1)[2][:1]
)  # tanh′(0) = 1: there the network is W2 W1
u, push = np.r_[u, 0 * at_zero], np.r_[push, at_zero]
stretch = np.linalg.norm(net(u + push) - net(u), axis=1) / np.linalg.norm(push, axis=1)
verify(
    "a network: largest stretch of 5,001 pairs, which is that of the product at 0",
    stretch.max(),
    np.linalg.norm(W2 @ W1, 2),
    rtol=1e-6,
)
# %% [markdown]
r"""
(lagrange-multipliers)=
### Lagrange multipliers

Minimise or maximise $f$ on the surface $g(x)=0$ (with $\nabla g\ne0$ there). Walk along the surface: as long as $\nabla f$ has a component along it, the walk gains. At a stationary point it has none, so $\nabla f$ is orthogonal to the surface, and [so is $\nabla g$](#gradient-orthogonal-to-level-set): the two are parallel. One function says both that and the constraint:

$$
\nabla_x\mathcal L=0,\quad\partial_\lambda\mathcal L=0\qquad\text{for}\quad\mathcal L(x,\lambda)=f(x)+\lambda\,g(x).
$$ (eq-lagrange)

The sign of $\lambda$ is a convention. With a constraint $g(x)=c$ one writes $f-\gamma\,(g-c)$, and then $\gamma$ is a *shadow price*: $\gamma=\frac{df^*}{dc}$, what one more unit of $c$ brings. For the largest $xy$ with $x+y=c$: $y=\gamma$, $x=\gamma$, $x+y=c$, so $\gamma=\frac c2$; the best value is $\frac{c^2}4$, and its derivative indeed $\frac c2$.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Contours of the product xy and the line x + y = 10. The line touches the contour of value 25 at (5, 5); there the gradients of both are parallel."}}
fig, ax = plt.subplots(figsize=(6.8, 3.2))
plot.contours(ax, lambda x, y: x * y, (0, 12), (0, 9), [4, 9, 16, 36, 49, 64])
plot.contours(
    ax, lambda x, y: x * y, (0, 12), (0, 9), [25], colors=plot.BLUE, linewidths=2
)
ax.plot([1, 10], [9, 0], color=plot.RED, label="$x+y=10$")
ax.quiver(
    [5, 5],
    [5, 5],
    [2.6, 1.3],
    [2.6, 1.3],
    color=[plot.BLUE, plot.RED],
    angles="xy",
    scale_units="xy",
    scale=1,
    width=0.009,
    zorder=3,
)
ax.set(xlabel="$x$", ylabel="$y$", aspect="equal")
ax.legend(loc="upper right")
plt.show()

# %% [markdown]
r"""
A softmax is the answer to such a question: of all distributions $p$ on values $a_i$ with mean $m$, which has the largest entropy? Setting the derivative of $-\sum p_i\ln p_i-\gamma_0(\sum p_i-1)-\gamma_1(\sum p_ia_i-m)$ to zero gives $p_i\propto e^{-\gamma_1a_i}$.
"""


# %% tags=["checks"]
def best_product(c):
    return -optimize.minimize_scalar(
        lambda x: -x * (c - x),
        bounds=(0, c),
        method="bounded",
        options={"xatol": 1e-10},
    ).fun


gamma = np.linalg.solve([[0, 1, -1], [1, 0, -1], [1, 1, 0]], [0, 0, 10])[
    2
]  # y = γ, x = γ, x + y = 10
verify(
    "shadow price: what more of c brings, by search on the line",
    (best_product(10.01) - best_product(9.99)) / 0.02,
    gamma,
    rtol=1e-5,
)
values, wanted = np.array([0.0, 1.0, 2.0, 5.0]), 1.2
softmax_of = lambda s: np.exp(s * values) / np.exp(s * values).sum()
tilt = optimize.brentq(lambda s: softmax_of(s) @ values - wanted, -5, 5)
found = optimize.minimize(
    lambda p: p @ np.log(p),
    np.full(4, 1 / 4),
    method="SLSQP",
    bounds=[(1e-9, 1)] * 4,
    options={"ftol": 1e-14},
    constraints=[
        {"type": "eq", "fun": lambda p: p.sum() - 1},
        {"type": "eq", "fun": lambda p: p @ values - wanted},
    ],
).x
verify(
    "largest entropy with a given mean, by a solver for constraints: a softmax",
    found,
    softmax_of(tilt),
    atol=1e-5,
)

# %% [markdown]
r"""
(subgradient)=
### Subgradient

Where a convex $f$ has a corner there is no tangent, but there are lines that touch from below. Their slopes are the *subgradients*, and together the *subdifferential*

$$
\partial f(x)=\{g:f(y)\ge f(x)+g^\top(y-x)\text{ for all }y\}.
$$ (eq-subdifferential)

Where $f$ is differentiable it holds $\nabla f(x)$ only. $x$ is a minimiser if and only if $0\in\partial f(x)$: the inequality then reads $f(y)\ge f(x)$.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "Two convex functions with corners, the absolute value and the larger of zero and x, with fans of lines through the corner that stay below the graph."}}
fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.7), sharey=True)
line = np.linspace(-1.5, 1.5, 101)
for ax, corner, lowest, title in (
    (axes[0], abs(line), -1, r"$|x|$: slopes $[-1,1]$"),
    (axes[1], np.maximum(line, 0), 0, r"$\max(0,x)$: slopes $[0,1]$"),
):
    for touching in np.linspace(lowest, 1, 7):
        ax.plot(line, touching * line, color=plot.RED, lw=0.8)
    ax.plot(line, corner, color=plot.BLUE, lw=2.5)
    ax.set(title=title, xlabel="$x$", ylim=(-1, 1.5))
plt.show()

# %% [markdown]
r"""
Descent works with any subgradient if the steps decrease, say $\eta_t=c/\sqrt t$. The value need not fall in every step, so one keeps the best.
"""


# %%
def subdifferential(f, x):
    """Smallest and largest slope, of a grid, whose line through (x, f(x)) stays below f."""
    y, slopes = np.linspace(-3, 3, 1201), np.linspace(-2, 2, 4001)[:, None]
    touching = np.all(f(y) >= f(x) + slopes * (y - x) - 1e-12, axis=1)
    return slopes[touching][[0, -1], 0]


def subgradient_method(f, subgradient, x, c, steps):
    best = f(x)
    for t in range(1, steps + 1):
        x = x - c / math.sqrt(t) * subgradient(x)
        best = min(best, f(x))
    return best


# %% tags=["checks"]
verify(
    "|x| at 0, max(0, x) at 0, |x| at −1, max(0, x) at 1: slopes from and to",
    [
        subdifferential(f, x)
        for f, x in (
            (np.abs, 0),
            (lambda y: np.maximum(y, 0), 0),
            (np.abs, -1),
            (lambda y: np.maximum(y, 0), 1),
        )
    ],
    [[-1, 1], [0, 1], [-1, -1], [1, 1]],
    atol=1e-3,
)
rng = np.random.default_rng(26)
A, b = rng.normal(size=(40, 3)), rng.normal(size=40)
eye = np.eye(40)
program = optimize.linprog(
    np.r_[np.zeros(3), np.ones(40)],
    np.block([[A, -eye], [-A, -eye]]),
    np.r_[b, -b],
    bounds=(None, None),
)
verify(
    "smallest sum of absolute errors, against linear programming",
    subgradient_method(
        lambda x: abs(A @ x - b).sum(),
        lambda x: A.T @ np.sign(A @ x - b),
        np.zeros(3),
        0.1,
        4000,
    ),
    program.fun,
    rtol=1e-3,
)

# %% [markdown]
r"""
(nondifferentiable-operations)=
### Max and absolute value in practice

$|x|$, $\max$ and the ReLU have kinks where no gradient exists. They are used as they are: the kinks have measure zero, and there a framework returns some number by convention, for a single convex operation a [subgradient](#subgradient). For convex functions any subgradient will do if the steps decrease; with a fixed step $\eta$ the iterate ends jumping to and fro across the kink of $|x|$, two neighbours a distance $\eta$ apart. Smooth substitutes, where one needs them, are $\sqrt{x^2+\epsilon}$, off by at most $\sqrt\epsilon$, and $\tau\ln\sum_ie^{x_i/\tau}$, off by at most $\tau\ln k$ for $k$ numbers.

**A common slip** is to take the conventions for calculus. $\operatorname{relu}(x)-\operatorname{relu}(-x)$ is the function $x$, with slope 1 everywhere. Automatic differentiation says 0 at 0.
"""

# %% tags=["checks"]
x = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
identity = torch.relu(x) - torch.relu(-x)
verify(
    "relu(x) − relu(−x) at −1, 0, 1: the slopes that torch gives",
    torch.autograd.grad(identity.sum(), x)[0],
    [1.0, 0.0, 1.0],
)
starts = np.random.default_rng(27).uniform(-3, 3, 200)
fixed = gradient_descent(np.sign, starts, 0.1, 100)
verify(
    "fixed step: the last two places, their distances from the kink together",
    abs(fixed[-2:]).sum(0),
    np.full(200, 0.1),
    rtol=1e-9,
)

# %% [markdown]
r"""
(line-search)=
### Line search

Choose the step anew each time. *Exact* line search takes $\eta_t=\arg\min_{\eta>0}f(x_t-\eta g_t)$. At the best $\eta$ the slope along the line is zero, $\langle\nabla f(x_{t+1}),g_t\rangle=0$: each gradient is orthogonal to the one before, and the path zigzags. For $\frac12x^\top Ax$ one gets $\eta=\frac{g^\top g}{g^\top Ag}$, and by Kantorovich's inequality $f$ falls in every step at least by the factor $\bigl(\frac{\kappa-1}{\kappa+1}\bigr)^2$: no better a promise than that of [the best constant step](#eq-best-step), and the worst start keeps it exactly.

*Backtracking* is cheaper {cite:p}`armijo1966`: try $\eta=1$ in a direction $d$ that points downhill and halve until $f$ falls at least by a fixed share $c$ of what the slope promises. It needs no $L$; for $d=-g$ every step it accepts is 1 or at least $\frac{1-c}L$. It also tames [Newton's method](#newton-method): on $\sqrt{1+x^2}$ Newton's step is $x\leftarrow-x^3$, which flies off from $|x|>1$.
"""


# %%
def exact_line_search(A, x):
    g = A @ x
    return x - (g @ g) / (g @ A @ g) * g


def backtracking(f, x, g, d, c=0.1):
    eta = 1.0
    while f(x + eta * d) > f(x) + c * eta * g @ d:
        eta = eta / 2
    return eta


# %% tags=["checks"]
A20 = np.diag([1.0, 20.0])
worst, orthogonal = [np.array([20.0, 1.0])], []
for _ in range(20):
    worst.append(exact_line_search(A20, worst[-1]))
value = np.einsum("ti,ij,tj->t", worst, A20, worst)
verify(
    "κ = 20 from (20, 1): f falls by ((κ − 1)/(κ + 1))² in every step",
    value[1:] / value[:-1],
    np.full(20, (19 / 21) ** 2),
    rtol=1e-9,
)
rng, accepted = np.random.default_rng(28), []
for _ in range(200):
    root, x = rng.normal(size=(4, 4)), rng.normal(size=4)
    A = root @ root.T + 4 * np.eye(4)  # L > 2: η = 1 is never accepted
    accepted.append(
        backtracking(lambda x: x @ A @ x / 2, x, A @ x, -A @ x)
        * (x @ A @ A @ A @ x)
        / (x @ A @ A @ x)
    )
verify(
    "200 random bowls: accepted step over the exact one, over 1 − c: between 1 and 2",
    np.ceil(np.log2(np.array(accepted) / (1 - 0.1))),
    np.ones(200),
)
x = np.array([2.0])
plain = newton(
    lambda x: x / np.sqrt(1 + x**2), lambda x: np.diag((1 + x**2) ** -1.5), x, 3
)[:, 0]
for _ in range(8):
    d = -(x + x**3)
    x = x + backtracking(lambda x: np.sqrt(1 + x @ x), x, x / np.sqrt(1 + x**2), d) * d
verify(
    "√(1 + x²) from 2: three plain Newton steps, then the end of eight with backtracking",
    [*plain, *x],
    [2.0, -(2.0**3), 2.0**9, -(2.0**27), 0.0],
    rtol=1e-6,
    atol=1e-9,
)

# %% [markdown]
r"""
(gd-rate-convex)=
### The rate for convex functions

If $f$ is convex and [$L$-smooth](#l-smoothness), has a minimiser $x^*$, and $\eta=\frac1L$, then

$$
f(x_t)-f^*\le\frac{L\,\|x_0-x^*\|^2}{2t}
$$ (eq-convex-rate)

(often quoted in the looser form $\frac{2L}{t+1}\|x_0-x^*\|^2$). *Proof.* The [descent lemma](#eq-descent) and the [tangent inequality](#eq-tangent) towards $x^*$ give

$$
f(x_{t+1})-f^*\le g_t^\top(x_t-x^*)-\frac1{2L}\|g_t\|^2=\frac L2\bigl(\|x_t-x^*\|^2-\|x_{t+1}-x^*\|^2\bigr).
$$

Sum over $t$ steps: the right side telescopes, and $f(x_t)$ never rises. $\square$

With this step better than $1/t$ cannot be promised. (Nesterov's method, with a $\beta$ that grows, promises $1/t^2$.) Let $f$ be $\frac L2x^2$ for $|x|\le\delta$ and continue it by its tangents. Outside, every step has length $\delta$. With $\delta=\frac{x_0}{2t+1}$ the point is at $(t+1)\delta$ after $t$ steps, and the gap is $\frac L2(2t+1)\delta^2=\frac{L\,x_0^2}{2(2t+1)}$: just below half of the bound.
"""

# %% tags=["checks"]
slowest = []
for t in (1, 10, 100, 1000):
    delta = 3 / (2 * t + 1)  # L = 2, x₀ = 3
    end = gradient_descent(lambda x: 2 * np.clip(x, -delta, delta), [3.0], 1 / 2, t)[
        -1, 0
    ]
    slowest.append(2 * delta * (end - delta / 2) / (2 * 3**2 / (2 * t)))
verify(
    "parabola with straight arms: gap over the bound after 1, 10, 100, 1,000 steps",
    slowest,
    [t / (2 * t + 1) for t in (1, 10, 100, 1000)],
    rtol=1e-9,
)

# %% [markdown]
r"""
(gradient-flow)=
### Gradient flow

Let $\eta\to0$ while the time $t=\eta\cdot\text{steps}$ stays. What remains is a differential equation, the *gradient flow*,

$$
\dot\theta=-\nabla\mathcal R(\theta),\qquad\text{along which}\qquad\frac d{dt}\mathcal R(\theta(t))=\nabla\mathcal R^\top\dot\theta=-\|\nabla\mathcal R\|^2 .
$$ (eq-flow)

Gradient descent is its numerical integration, by Euler's forward method with step $\eta$. On a parabola the flow is $e^{-Ht}\theta_0$, and since $(1-\eta\lambda)^{t/\eta}\approx e^{-\lambda t}(1-\frac12\eta\lambda^2t)$, descent is off by $-\frac\eta2t\,H^2e^{-Ht}\theta_0$, in proportion to $\eta$. There the flow never zigzags.
"""

# %% tags=["picture"] mystnb={"image": {"alt": "A narrow valley with the smooth curve of the gradient flow, which turns into the valley floor and follows it. Gradient descent with a small step stays close to it, with a large step it zigzags across."}}
fig, ax = plt.subplots(figsize=(6.8, 2.9))
steep = np.array([1.0, 10.0])
plot.contours(
    ax,
    lambda x, y: 0.5 * (x**2 + 10 * y**2),
    (-0.5, 9.8),
    (-2.3, 2.6),
    np.geomspace(0.3, 70, 9),
)
for eta, colour in ((0.18, plot.ORANGE), (0.05, plot.RED)):
    plot.path(
        ax,
        gradient_descent(lambda x: steep * x, [9.0, 2.2], eta, int(4 / eta)),
        color=colour,
        label=rf"descent, $\eta={eta}$",
    )
clock = np.linspace(0, 4, 300)[:, None]
ax.plot(
    *(np.array([9.0, 2.2]) * np.exp(-steep * clock)).T,
    color=plot.BLUE,
    lw=2.2,
    label="flow",
)
ax.set(xlabel=r"$\theta_1$", ylabel=r"$\theta_2$")
ax.legend(loc="upper center", ncols=3)
plt.show()

# %% tags=["checks"]
H2, start = np.array([[2.0, 0.6], [0.6, 1.0]]), np.array([1.0, -1.0])
lam, Q = np.linalg.eigh(H2)
exp_H = Q * np.exp(-lam) @ Q.T
off = gradient_descent(lambda x: H2 @ x, start, 1 / 2000, 2000)[-1] - exp_H @ start
verify(
    "parabola at time 1: distance of descent from the flow, over η",
    off * 2000,
    -H2 @ H2 @ exp_H @ start / 2,
    rtol=0.01,
)
times = np.linspace(0, 0.2, 2001)
flow = integrate.solve_ivp(
    lambda _, p: -grad_himmelblau(p),
    (0, 0.2),
    [0.5, -0.5],
    t_eval=times,
    rtol=1e-10,
    atol=1e-12,
).y
verify(
    "Himmelblau's function: what the flow loses is the integral of ‖∇R‖²",
    himmelblau(*flow[:, 0]) - himmelblau(*flow[:, -1]),
    integrate.simpson((grad_himmelblau(flow) ** 2).sum(0), x=times),
    rtol=1e-6,
)

# %% [markdown]
r"""
(why-gradient-descent)=
### Why walk when there is a formula?

Least squares has a closed form. Why gradient descent, $\theta_i\leftarrow\theta_i-\eta\,\partial\ell/\partial\theta_i$? First, almost nothing else has one: the update needs slopes only, for any loss that is differentiable almost everywhere, in millions of parameters. Second, cost: for $n$ data and $p$ parameters, forming and solving $X^\top Xw=X^\top y$ takes about $np^2+\frac13p^3$ multiplications, a gradient $2np$, and one rarely wants the exact optimum. For well-conditioned $X$ a handful of steps will do: with independent standard normal entries and $r=p/n$, $\kappa\approx\bigl(\frac{1+\sqrt r}{1-\sqrt r}\bigr)^2$, so a step shrinks the error by $\frac{\kappa-1}{\kappa+1}=\frac{2\sqrt r}{1+r}$.
"""

# %% tags=["set-up"]
rng = np.random.default_rng(29)
n_rows, p_columns = 8000, 160
X_tall = rng.normal(size=(n_rows, p_columns))
y_tall = X_tall @ rng.normal(size=p_columns) + rng.normal(size=n_rows)
r_tall = p_columns / n_rows
few = math.ceil(
    math.log(1e-3) / math.log(2 * math.sqrt(r_tall) / (1 + r_tall))
)  # steps to 0.1 %
begin = time.perf_counter()
w_walk = np.zeros(p_columns)
for _ in range(few):
    w_walk = w_walk - 1 / (1 + r_tall) * X_tall.T @ (X_tall @ w_walk - y_tall) / n_rows
seconds_walk = time.perf_counter() - begin
begin = time.perf_counter()
w_formula = np.linalg.lstsq(X_tall, y_tall)[0]
measured(
    f"{few} gradient steps",
    seconds_walk,
    beside=("numpy's least squares", time.perf_counter() - begin),
)

# %% [markdown]
r"""
A third reason is often given and is wrong: that the formula is numerically worse. Its *coefficients* may be. Take powers of $t$ up to 21, with a condition number of $X$ beyond $10^7$, and one noisy target for all methods. The inverse of $X^\top X$, the worst way to compute the fit, predicts as well as the careful QR decomposition: its rounding errors lie in directions that hardly change the prediction. Gradient descent, stopped when the error on a second, validating sample is least, does predict better, and so does a ridge penalty chosen in the same way. It gains by *regularising*, not by avoiding rounding.
"""

# %% tags=["set-up"]
t_grid = np.linspace(-1, 1, 200)
X_powers, true_curve = t_grid[:, None] ** np.arange(22), np.sin(3 * t_grid)
noise = 0.1 * np.random.default_rng(30).normal(size=(2, 200, 40))
targets, validating = true_curve[:, None] + noise  # (200, 40 draws) each
by_method = {
    "inverse": X_powers
    @ (np.linalg.inv(X_powers.T @ X_powers) @ (X_powers.T @ targets))
}
basis = np.linalg.qr(X_powers)[0]
by_method["QR"] = basis @ (basis.T @ targets)


def best_validated(fits):
    """Of many fits (k, 200, 40), for every draw the one with the least validation error."""
    chosen = ((fits - validating) ** 2).mean(1).argmin(0)
    return np.array([fits[k, :, draw] for draw, k in enumerate(chosen)]).T


gram, moment = X_powers.T @ X_powers / 200, X_powers.T @ targets / 200
walk = gradient_descent(
    lambda w: gram @ w - moment, np.zeros((22, 40)), 1 / np.linalg.norm(gram, 2), 6000
)
stops = X_powers @ walk[np.unique(np.geomspace(1, 6000, 60).astype(int))]
by_method["gradient descent, stopped"] = best_validated(stops)
by_method["ridge"] = best_validated(
    np.array(
        [
            X_powers @ np.linalg.solve(gram + lam * np.eye(22), moment)
            for lam in np.geomspace(1e-8, 1, 33)
        ]
    )
)
curve_error = {
    name: np.sqrt(((fit - true_curve[:, None]) ** 2).mean(0))
    for name, fit in by_method.items()
}
print(f"{'distance from the true curve':32}mean of 40 draws ± s.e.")
for name, values in curve_error.items():
    print(f"{name:32}{values.mean():.4f} ± {values.std(ddof=1) / math.sqrt(40):.4f}")

# %% tags=["checks"]
gap = np.linalg.norm(X_tall @ (w_walk - w_formula)) / np.linalg.norm(X_tall @ w_formula)
verify_at_most("few steps: relative distance from the exact prediction", gap, 1e-3)
verify(
    "powers: mean squared error of QR, σ²p/n",
    np.mean(curve_error["QR"] ** 2),
    0.1**2 * 22 / 200,
    rtol=4 * math.sqrt(2 / 22 / 40),
)
mean_error = {
    name: values.mean() / curve_error["QR"].mean()
    for name, values in curve_error.items()
}
verify_at_most(
    "errors over that of QR: inverse, stopped, ridge",
    [mean_error[name] for name in ("inverse", "gradient descent, stopped", "ridge")],
    [1.1, 0.9, 0.9],
)

# %% [markdown]
r"""
(momentum-escapes-small-minima)=
### Momentum can roll through small minima

Gradient descent with a small step ends in the dip where it starts. A velocity carries the ball over small bumps, which in a loss are often only noise. That is an observation, not a guarantee. On $f(x)=\frac12x^2+0.3\cos8x$, a bowl with ripples, 400 starts between $-5$ and $5$ and $\eta=0.01$ (as a control also $0.09$, nearly the limit $2/L$, without momentum); how many end in one of the two lowest minima?
"""


# %%
def grad_ripples(x):
    return x - 2.4 * np.sin(8 * x)


starts_ripples = np.linspace(-5, 5, 400)
lowest = optimize.brentq(grad_ripples, 0.2, 0.5)  # the two lowest minima are at ± this
hit = {}
for eta, beta in (
    (0.01, 0),
    (0.09, 0),
    *((0.01, b) for b in (0.5, 0.8, 0.9, 0.95, 0.98)),
):
    rest = heavy_ball(grad_ripples, starts_ripples, eta, beta, 2500)[-1]
    hit[eta, beta] = np.mean(abs(abs(rest) - lowest) < 1e-3)  # setting
    print(f"step {eta}, momentum {beta:4}   in a lowest {hit[eta, beta]:4.0%}")

# %% [markdown]
r"""
Helpful, but not gradually: up to 0.8 nothing happens, at 0.9 most starts get through, and with 0.95 fewer again, for the ball now rolls through the lowest minima too; 0.98 is a little better than that. A nine times longer plain step does not do it. Without momentum the share needs no run: it is that of the starts between the two hills around the pair.
"""

# %% tags=["checks"]
hill = optimize.brentq(grad_ripples, 0.6, 0.95)  # f″ < 0 there
verify(
    "without momentum, both steps: share of starts between the hills",
    [hit[0.01, 0], hit[0.09, 0]],
    [np.mean(abs(starts_ripples) < hill)] * 2,
    atol=1e-9,
)
verify_at_least(
    "share at 0.9 minus that without momentum, and minus that at 0.95",
    [hit[0.01, 0.9] - hit[0.01, b] for b in (0, 0.95)],
    [0.3, 0.05],
)

# %% [markdown]
r"""
(unrolled-gradient-methods)=
### Many methods are weighted sums of gradients

Unroll the recursion, and after $T$ steps

$$
x_T=x_0-\eta\sum_{i=0}^{T-1}\Gamma_i\,\nabla f(x_i) .
$$ (eq-unrolled)

Gradient descent has $\Gamma_i=1$, momentum $\Gamma_i=\frac{1-\beta^{T-i}}{1-\beta}$, for the gradient of step $i$ is used in all later steps with the weights $1,\beta,\beta^2,\dots,\beta^{T-1-i}$. With diagonal matrices $\Gamma_i$ (a weight for every coordinate) the sum covers AdaGrad, $\Gamma_i=1/(\delta+\sqrt{\sum_{s\le i}g_s^2})$, RMSProp and Adam; the weights then depend on the gradients. Not covered are Nesterov's method (its gradients are taken elsewhere than at the $x_i$), Newton's and [Muon](#muon) (their matrices are not diagonal).
"""


# %%
def momentum_weights(T, beta):
    return (1 - beta ** (T - np.arange(T))) / (1 - beta)


def adam_weights(g, beta1=0.9, beta2=0.999, eps=1e-8):  # g (T, d): the gradients
    t = np.arange(1, len(g) + 1)[:, None]

    def running_mean(beta):  # (T, T) matrix, bias corrected
        return np.tril((1 - beta) * beta ** (t - t.T)) / (1 - beta**t)

    return running_mean(beta1).T @ (1 / (np.sqrt(running_mean(beta2) @ g**2) + eps))


# %% tags=["checks"]
start, T = np.array([1.3, -0.4]), 60
ran = [
    heavy_ball(grad_himmelblau, start, 0.004, 0.8, T),
    adagrad(grad_himmelblau, start, 0.3, T),
    adam(grad_himmelblau, start, 0.05, T),
]
g = [grad_himmelblau(way[:-1].T).T for way in ran]
Gamma = [
    momentum_weights(T, 0.8)[:, None],
    1 / (1e-10 + np.sqrt(np.cumsum(g[1] ** 2, 0))),
    adam_weights(g[2]),
]
verify(
    "heavy ball, AdaGrad and Adam: sixty steps rebuilt from their gradients",
    [
        start - eta * (weight * slopes).sum(0)
        for eta, weight, slopes in zip((0.004, 0.3, 0.05), Gamma, g)
    ],
    [way[-1] for way in ran],
    rtol=1e-9,
)

# %% [markdown]
r"""
(mini-batch-size)=
### Mini-batch size in practice

A larger batch gives a better gradient ([squared error $S/m$](#eq-minibatch)) at a proportionally higher price, and uses parallel hardware better. Counted in *examples*, small batches are as good as any and often the best: once the batch's noise is small against the gradient, a larger one only repeats what is known. Counted in *time*, middle sizes win, because eight or sixty-four examples at once hardly take longer than one. Batches may overlap and go together with momentum; the noise bends the path away from the right angle to the level sets.

Softmax regression on the digits until the training loss is below 0.3: examples needed with the best of seven rates, the same seven for every batch size (mean of four seeds ± standard deviation).
"""


# %% tags=["set-up"]
def softmax_rows(Z):
    Z = np.exp(Z - Z.max(-1, keepdims=True))
    return Z / Z.sum(-1, keepdims=True)


def examples_until(batch, rates, seeds=4, goal=0.3, budget=30_000):
    """Examples until the training loss is below the goal, (rates, seeds); inf if not."""
    X, Y, rng = (
        pixels[train].numpy(),
        np.eye(10, dtype="f")[labels[train]],
        np.random.default_rng(31),
    )
    W, needed = (
        np.zeros((len(rates) * seeds, 64, 10), "f"),
        np.full(len(rates) * seeds, np.inf),
    )
    eta = np.repeat(rates, seeds)[:, None, None].astype("f")  # all runs side by side
    for step in range(1, budget // batch + 1):
        B = rng.integers(len(X), size=(len(W), batch))
        W -= eta * X[B].transpose(0, 2, 1) @ (softmax_rows(X[B] @ W) - Y[B]) / batch
        if step % max(1, 100 // batch) == 0:
            loss = -np.log((softmax_rows(X @ W) * Y).sum(2) + 1e-30).mean(1)
            needed = np.where((loss < goal) & np.isinf(needed), step * batch, needed)
            if step * batch > 1.3 * needed.reshape(-1, seeds).mean(1).min():
                break  # the others come too late to win
    return needed.reshape(-1, seeds)


seven_rates = 0.2 * 2.0 ** np.arange(7)
needed_by = {}
print("batch   rate     examples         steps")
for m in (1, 8, 64, 512):
    by_rate = examples_until(m, seven_rates)
    k = by_rate.mean(1).argmin()
    needed_by[m] = by_rate[k]
    print(
        f"{m:5}{seven_rates[k]:7.1f}{by_rate[k].mean():10.0f} ± {by_rate[k].std(ddof=1):4.0f}{by_rate[k].mean() / m:10.0f}"
    )
one_layer, seconds = torch.nn.Linear(64, 10), {}
for m in (1, 64):
    begin = time.perf_counter()
    for _ in range(100):
        torch.nn.functional.cross_entropy(one_layer(pixels[:m]), labels[:m]).backward()
    seconds[m] = (time.perf_counter() - begin) / 100 / m
measured(
    "gradient of one example, in batches of 1",
    seconds[1],
    beside=("in batches of 64", seconds[64]),
)

# %% [markdown]
r"""
In examples, batches of 1 and 8 tie, 64 costs about twice as much and 512 several times more. In steps, which is what hardware with enough room pays for, the order is reversed.

**A common slip:** "A mini-batch of 10 out of 60,000 makes training 6,000 times faster." It makes a *step* cheaper. What is gained depends on how exact the answer has to be. For a mean of $n$ numbers, $t$ examples leave the variance $\sigma^2/t$: for a rough answer, ten per cent of $\sigma$, a hundred do, a gain of 600; for one as good as the data allow, all are needed and nothing is gained.
"""

# %% tags=["checks"]
many = np.random.default_rng(35).exponential(size=60_000)
of_hundred = np.random.default_rng(36).choice(many, (4000, 100)).mean(1)
verify(
    "means of 100 out of 60,000 skewed numbers: their error, in units of σ",
    np.sqrt(np.mean((of_hundred - many.mean()) ** 2)) / many.std(),
    1 / 10,
    rtol=4 / math.sqrt(2 * 4000),
)
means = {m: values.mean() for m, values in needed_by.items()}
either = math.hypot(*(needed_by[m].std(ddof=1) / 2 for m in (1, 8)))
verify_at_most(
    "batches of 1 and 8: difference of the examples needed, in standard errors",
    abs(means[1] - means[8]) / either,
    3,
)
verify_at_least(
    "batches of 512 over batches of 8: examples; 8 over 512: steps",
    [means[512] / means[8], 64 * means[8] / means[512]],
    4,
)

# %% [markdown]
r"""
(learning-rate-decay)=
### Learning rate decay

Begin with large steps, which are quick, and end with small ones, whose [noise floor](#eq-noise-floor) is low. Usual forms are

| schedule | step size $\eta_t$ | |
|---|---|---|
| linear | $(1-\frac t\rho)\eta_0+\frac t\rho\eta_\rho$ up to $t=\rho$ | ends at $\eta_\rho$ |
| inverse | $\eta_0/(1+\rho t)$ | the steps sum to infinity |
| exponential | $\eta_0e^{-\rho t}$ | the steps sum to $\eta_0/(1-e^{-\rho})$ |

For finding a mean, $\eta_t=\frac1{1+t}$ makes the iterate the running mean of what was seen. (For a parabola of curvature $\lambda$ it would have to be $\frac1{\lambda(1+t)}$, and one would have to know $\lambda$.) A well-chosen exponential does nearly as well at the end it was chosen for; one in too much of a hurry stops short, because $\prod_t(1-\eta_t)$, the share of the way that is never gone, stays above zero when the steps have a finite sum. Mean squared distance from the goal, over two thousand runs from $\theta_0=6$:
"""

# %%
schedules = {
    "constant 0.3": lambda t: 0.3,
    "constant 0.03": lambda t: 0.03,  # setting
    "inverse": lambda t: 1 / (1 + t),
    "exponential": lambda t: 0.1 * math.exp(-0.008 * t),
    "exponential, hurried": lambda t: 0.3 * math.exp(-0.15 * t),
}


def noisy_runs(schedule, steps=600, runs=2000):
    rng, theta, mean_square = np.random.default_rng(9), np.full(runs, 6.0), []
    for t in range(steps):
        theta = theta - schedule(t) * (theta - rng.normal(size=runs))
        mean_square.append(np.mean(theta**2))
    return np.array(mean_square)


# %% tags=["picture"] mystnb={"image": {"alt": "Mean squared distance from the goal against steps, both logarithmic. The large constant step falls fast to a high floor, the small one slowly to a low one, the inverse schedule falls along a straight line below both, the well-chosen exponential meets it at the end, the hurried one stops far above."}}
distance2 = {name: noisy_runs(schedule) for name, schedule in schedules.items()}
for (name, values), colour in zip(
    distance2.items(), (plot.BLUE, plot.SKY, plot.RED, plot.GREEN, plot.ORANGE)
):
    plt.loglog(np.arange(1, 601), values, color=colour, label=name)
plt.xlabel("step")
plt.ylabel("mean squared distance")
plt.legend()
plt.show()


# %% tags=["checks"]
def exact_mean_square(schedule, steps=600):
    bias, variance, out = 6.0, 0.0, []
    for t in range(steps):
        bias, variance = (
            (1 - schedule(t)) * bias,
            (1 - schedule(t)) ** 2 * variance + schedule(t) ** 2,
        )
        out.append(bias**2 + variance)
    return np.array(out)


noise_of_2000 = 5 * math.sqrt(2 / 2000)
verify(
    "five schedules, every step of 2,000 runs, against bias and variance by recursion",
    [distance2[name] for name in schedules],
    [exact_mean_square(schedule) for schedule in schedules.values()],
    rtol=noise_of_2000,
)
never_gone = 6 * np.prod([1 - 0.3 * math.exp(-0.15 * t) for t in range(2000)])
verify_at_least(
    "hurried: part of its mean squared distance that is way never gone",
    never_gone**2 / distance2["exponential, hurried"][-1],
    0.8,
)
verify_at_most(
    "exponential, well chosen: its end over that of the inverse",
    exact_mean_square(schedules["exponential"])[-1]
    / exact_mean_square(schedules["inverse"])[-1],
    2,
)

# %% [markdown]
r"""
(robbins-monro-conditions)=
### The Robbins–Monro conditions

Steps of stochastic gradient descent {cite:p}`robbins1951` should satisfy

$$
\sum_t\eta_t=\infty\quad\text{(any distance can be covered)},\qquad\sum_t\eta_t^2<\infty\quad\text{(the noise that comes in is finite).}
$$ (eq-robbins-monro)

With unbiased gradients of bounded variance of an $L$-smooth function that is bounded below, they bring $\nabla\mathcal R$ to zero with probability one: to the minimum if $\mathcal R$ is convex and has a minimiser, otherwise only to stationarity. $\eta_t=Ct^{-\alpha}$ meets both exactly for $\frac12<\alpha\le1$: since $\int t^{-\alpha}dt\propto t^{1-\alpha}$, what the sum gains in one decade of $t$ after the other is multiplied by $10^{1-\alpha}$, and the sum is finite when that is less than 1. At $\alpha=1$ every decade adds $\ln10$, for ever. Hence $1/\sqrt t$ meets the first condition and misses the second, by just as little. (The conditions are sufficient, not necessary: in the mean, $1/\sqrt t$ serves too.) Missing the first is fatal: with $\eta_t=1/t^2$ from $t=2$ on, descent on $\frac12\theta^2$ keeps $\prod_t(1-t^{-2})=\frac12$ of the way for ever, even without noise.
"""


# %%
def growth(alpha):
    """What the last of six decades adds to the sum of 1/t^α, over the one before."""
    eta = np.arange(1, 10**6 + 1) ** -float(alpha)
    return eta[10**5 :].sum() / eta[10**4 : 10**5].sum()


# %% tags=["set-up"]
exponents = (1, 3 / 4, 1 / 2, 1 / 3)
print("   α     growth of Σ η   growth of Σ η²   both conditions")
for alpha in exponents:
    of_sum, of_squares = growth(alpha), growth(2 * alpha)
    met = "met" if of_sum > 0.999 and of_squares < 0.999 else "not met"
    print(f"{alpha:5.2f}{of_sum:14.3f}{of_squares:17.3f}       {met}")

# %% tags=["checks"]
verify(
    "growth per decade of the sums and of the sums of squares",
    [[growth(a), growth(2 * a)] for a in exponents],
    [[10 ** (1 - a), 10 ** (1 - 2 * a)] for a in exponents],
    rtol=1e-4,
)
theta = 1.0
for t in range(2, 2001):
    theta = theta - theta / t**2
verify(
    "steps 1/t² up to t = 2,000: share of the way that is left",
    theta,
    (2000 + 1) / (2 * 2000),
    rtol=1e-9,
)

# %% [markdown]
r"""
(sgd-convergence-rates)=
### Convergence rates of SGD, and why slow SGD wins at scale

Expected gap after $t$ steps, each with suitable steps and, for SGD, averaging {cite:p}`bottou2018`:

| | convex | strongly convex | price of a step |
|---|---|---|---|
| full gradient | $O(1/t)$ | $O(\rho^t)$, $\rho<1$ | $n$ gradients |
| SGD | $O(1/\sqrt t)$ | $O(1/t)$ | 1 gradient |

Two cases can be done by hand. *Strongly convex:* for a mean, $\eta_t=\frac1t$ is the running mean, so $\mathbb E f-f^*=\frac12\operatorname{Var}=\frac{\sigma^2}{2t}$. *Convex:* for $|\theta|$ with slopes $\operatorname{sign}\theta+\xi_t$, $\operatorname{Var}\xi=\sigma^2$, a step $\eta$ changes $\mathbb E\theta^2$ by $-2\eta\,\mathbb E|\theta|+\eta^2(1+\sigma^2)$. In equilibrium that is zero, so $\mathbb E|\theta|=\frac\eta2(1+\sigma^2)$, and with $\eta_t=1/\sqrt t$ the gap follows as $\frac{1+\sigma^2}{2\sqrt t}$.

SGD looks hopeless. But the training risk is itself only an estimate: in regular problems the minimum over $n$ examples misses the best expected risk by the order of $\frac1n$ or more. Optimising far beyond that is of no use, and one pass of SGD, $t=n$, arrives at that order for the price of *one* full gradient. A price per step that does not depend on $n$ says nothing about generalisation by itself; the argument needs fresh examples in every step, that is, the first pass.
"""

# %% tags=["checks"]
rng, theta, kink = np.random.default_rng(32), np.zeros(2000), np.zeros(2000)
scaled = {"mean": [], "kink": []}
for t in range(1, 1601):
    theta = theta - (theta - 2 * rng.normal(size=2000)) / t  # σ = 2
    kink = kink - (np.sign(kink) + 2 * rng.normal(size=2000)) / math.sqrt(t)
    if t in (100, 400, 1600):
        scaled["mean"].append(t * theta**2 / 2)
        scaled["kink"].append(math.sqrt(t) * abs(kink))
verify_within_se(
    "a mean, σ = 2: t times the gap, over t = 100, 400, 1,600",
    np.mean(scaled["mean"], 0),
    2**2 / 2,
)
verify_within_se(
    "|θ|, σ = 2: √t times the gap, over the same t",
    np.mean(scaled["kink"], 0),
    (1 + 2**2) / 2,
)

# %% [markdown]
r"""
(polyak-averaging)=
### Polyak averaging

Return the mean of the iterates instead of the last one {cite:p}`polyak1992`, over all (or the later) steps, or, where the landscape changes on the way as in networks, a running mean that forgets:

$$
\bar\theta_t=\frac1t\sum_{s\le t}\theta_s\qquad\text{or}\qquad\bar\theta_t=\alpha\bar\theta_{t-1}+(1-\alpha)\,\theta_t .
$$ (eq-polyak)

(It is the *average* that is carried on, $\bar\theta_{t-1}$ and not $\theta_{t-1}$.) It reduces the variance and tolerates larger steps. With steps that decrease slowly, such as $t^{-2/3}$, the rate is $O(1/t)$ for smooth strongly convex stochastic problems, in general $O(1/\sqrt t)$ for merely convex ones. On a parabola even a *constant* step will do: the last iterate stays at the [noise floor](#eq-noise-floor), while the mean has variance about $\frac{\sigma^2}{f''^2t}$, for every stable $\eta$.

**A common slip** is to expect that of other functions. In equilibrium the *slopes* average to zero, not the distances: $0=\mathbb Ef'(\theta)\approx f''\,b+\tfrac12f^{(3)}V$ with the bias $b=\mathbb E\theta-\theta^*$ and the variance $V\approx\frac{\eta\sigma^2}{2f''}$, hence

$$
b\approx-\frac{f^{(3)}\sigma^2}{4f''^2}\,\eta ,
$$ (eq-averaging-bias)

and no averaging removes it. Here for $f'(\theta)=0.2\,\theta+\frac3{1+e^{-3\theta}}-\frac34$, next to a parabola as control:
"""


# %%
def averaged(slope, theta, schedule, steps=2000, runs=1000, burn=200):  # setting
    """Last iterate and mean of the later ones, for every run; noise of variance 1."""
    rng, theta, total = np.random.default_rng(33), np.full(runs, theta), 0.0
    for t in range(1, steps + 1):  # setting
        theta = theta - schedule(t) * (slope(theta) + rng.normal(size=runs))
        total = total + (theta if t > burn else 0.0)
    return theta, total / (steps - burn)


def slope_bent(theta):
    return 0.2 * theta + 3 / (1 + np.exp(-3 * theta)) - 0.75


# %% tags=["set-up"]
lowest_bent = optimize.brentq(slope_bent, -3, 3)
constant = {
    eta: averaged(slope_bent, lowest_bent, lambda t: eta) for eta in (0.2, 0.1, 0.05)
}
shrinking_steps = (
    averaged(slope_bent, lowest_bent, lambda t: 0.5 * t ** (-2 / 3))[1] - lowest_bent
)
parabola = averaged(lambda theta: theta, 0.0, lambda t: 0.1)
print("mean of the averages, minus the minimiser (± s.e.)")
for name, values in (
    *((f"constant {eta}", c[1] - lowest_bent) for eta, c in constant.items()),
    ("decreasing", shrinking_steps),
    ("parabola, 0.1", parabola[1]),
):
    print(f"{name:16}{values.mean():8.4f} ± {values.std() / math.sqrt(1000):.4f}")

# %% tags=["checks"]
e = math.exp(-3 * lowest_bent)
f2, f3 = 0.2 + 9 * e / (1 + e) ** 2, 27 * e * (e - 1) / (1 + e) ** 3
verify(
    "bias over η for 0.1 and 0.05",
    [(constant[eta][1].mean() - lowest_bent) / eta for eta in (0.1, 0.05)],
    [-f3 / (4 * f2**2)] * 2,
    rtol=0.2,
)
verify_at_most(
    "decreasing steps: bias over that of the smallest constant step",
    abs(shrinking_steps.mean() / (constant[0.05][1].mean() - lowest_bent)),
    1 / 3,
)
verify(
    "a walk that stands still: its last place and its mean",
    np.ravel(averaged(slope_bent, 2.0, lambda t: 0.0, steps=300, runs=1)),
    [2.0, 2.0],
    atol=1e-12,
)
verify(
    "parabola: variance of the last iterate, and of the mean times t",
    [parabola[0].var(), parabola[1].var() * 1800],
    [0.1 / (2 - 0.1), 1.0],
    rtol=4 * math.sqrt(2 / 1000),
)

# %% [markdown]
r"""
(muon)=
### Muon

For weight *matrices* {cite:t}`jordan2024` replace the momentum $M$ by the nearest matrix whose singular values are all one:

$$
M_t=\beta M_{t-1}+\nabla_W\mathcal L,\qquad M_t=U\Sigma V^\top,\qquad W\leftarrow W-\eta\,\sqrt{\max\Bigl(1,\tfrac{d_{\text{out}}}{d_{\text{in}}}\Bigr)}\;UV^\top .
$$ (eq-muon)

(Others scale by $\sqrt{d_{\text{out}}/d_{\text{in}}}$ also for wide matrices; PyTorch takes the maximum.) All singular directions move by the same amount (with the ten rounds below, those above about three per cent of $\|M\|_F$), so that rare ones are not drowned. $UV^\top$ is the steepest direction if steps are measured by their spectral norm: $\langle M,P\rangle=\sum_i\sigma_iu_i^\top Pv_i\le\sum_i\sigma_i$ for $\|P\|_2\le1$, with equality at $P=UV^\top$. Instead of a decomposition one iterates $X\leftarrow\frac32X-\frac12XX^\top X$, which sends each singular value $\sigma$ to $\frac32\sigma-\frac12\sigma^3$ and so, from $0<\sigma\le1$, to one.
"""


# %%
def orthogonalize(M, rounds=10):
    X = M / (M**2).sum((-2, -1), keepdims=True) ** 0.5  # all singular values at most 1
    for _ in range(rounds):
        X = 1.5 * X - 0.5 * X @ X.mT @ X
    return X


def muon_step(W, M, gradient, eta, beta):
    M = beta * M + gradient
    d_out, d_in = W.shape[-2:]
    return W - eta * math.sqrt(max(1, d_out / d_in)) * orthogonalize(M), M


# %% [markdown]
r"""
Does it pay? The network of [In practice](#gd-practice), two epochs; the rival is SGD *with* the same momentum 0.9, on the same grid of five rates, chosen by validation loss, six fresh seeds. Muon is for matrices; the biases go with the rival's method. Two controls: the rival with six epochs, and standardised inputs. Test accuracies:
"""


# %% tags=["set-up"]
class MuonAndSGD:
    """Muon for the matrices, SGD with momentum for the biases."""

    def __init__(self, parameters, lr, beta=0.9):
        parameters, self.lr, self.beta = list(parameters), lr, beta  # W, b, V, c
        self.matrices = [[w, torch.zeros_like(w)] for w in parameters[::2]]
        self.biases = torch.optim.SGD(parameters[1::2], lr=lr, momentum=beta)

    def zero_grad(self):
        self.biases.zero_grad()
        for w, _ in self.matrices:
            w.grad = None

    @torch.no_grad()
    def step(self):
        self.biases.step()
        for pair in self.matrices:
            moved, pair[1] = muon_step(
                pair[0], pair[1], pair[0].grad, self.lr, self.beta
            )
            pair[0].copy_(moved)


def rate_and_accuracies(X, make, epochs):
    """The rate with the least validation loss (two seeds), test accuracies of six others."""

    def results(lr, seeds):
        sgd = lambda p: make(p, lr)
        return side_by_side([X] * len(seeds), seeds, sgd, shuffles(epochs))

    lr = muon_rates[np.argmin([results(lr, (0, 1))[0].sum() for lr in muon_rates])]
    return lr, results(lr, range(10, 16))[1]


momentum_sgd = optimizers["SGD, momentum 0.9"]
muon_rates = np.geomspace(0.01, 1, 5)
muon_race, muon_chosen = {}, []
for kind, name, make, epochs in (
    ("as they are", "Muon", MuonAndSGD, 2),
    ("as they are", "SGD, momentum", momentum_sgd, 2),
    ("as they are", "SGD, momentum", momentum_sgd, 6),
    ("standardised", "Muon", MuonAndSGD, 2),
    ("standardised", "SGD, momentum", momentum_sgd, 2),
):
    lr, reached = rate_and_accuracies(inputs[kind](0), make, epochs)
    muon_chosen.append(lr)
    muon_race[kind, name, epochs] = reached
    print(
        f"{kind:14}{name:15}{epochs} epochs   rate {lr:5.2f}   {reached.mean():.3f} ± {reached.std(ddof=1):.3f}"
    )
seconds = {}
for make in (MuonAndSGD, momentum_sgd):
    begin = time.perf_counter()
    train_network(pixels, lambda p: make(p, 0.1), epochs=2)
    seconds[make] = time.perf_counter() - begin
measured(
    "two epochs with Muon",
    seconds[MuonAndSGD],
    beside=("with momentum", seconds[momentum_sgd]),
)

# %% [markdown]
r"""
On raw pixels Muon learns much more in two epochs. Its steps cost about three times as much; given six epochs, the rival is level. And where the inputs are standardised, nothing is left of the lead. A network of this size decides nothing about large ones, but it shows which controls to ask for.
"""

# %% tags=["checks"]
rng, ours, torchs = np.random.default_rng(34), [], []
for shape in ((16, 12), (10, 32)):
    W_torch, W, M = torch.zeros(shape, requires_grad=True), np.zeros(shape), 0.0
    their_step = torch.optim.Muon(
        [W_torch],
        lr=0.1,
        momentum=0.9,
        weight_decay=0.0,
        nesterov=False,
        ns_coefficients=(1.5, -0.5, 0.0),
        ns_steps=10,
    )
    for _ in range(5):
        drawn = rng.normal(size=shape)
        W_torch.grad = torch.tensor(drawn, dtype=torch.float32)
        their_step.step()
        W, M = muon_step(W, M, drawn, 0.1, 0.9)
    ours, torchs = [*ours, *W.ravel()], [*torchs, *W_torch.detach().ravel().tolist()]
verify(
    "five steps of torch.optim.Muon (8-bit precision), a tall and a wide matrix",
    ours,
    torchs,
    atol=5 * 2**-8 * 0.1,
)
verify(
    "⟨M, P⟩ is the sum of the singular values",
    (M * orthogonalize(M, 30)).sum(),
    np.linalg.svd(M)[1].sum(),
    rtol=1e-9,
)
verify(
    "chosen rates on an edge of the grid",
    sum(lr in (muon_rates[0], muon_rates[-1]) for lr in muon_chosen),
    0,
)
accuracy = {key: values.mean() for key, values in muon_race.items()}
lead = [
    accuracy[kind, "Muon", 2] - accuracy[kind, "SGD, momentum", k]
    for kind, k in (("as they are", 2), ("as they are", 6), ("standardised", 2))
]
verify_at_least(
    "lead of Muon on raw pixels; minus twice the distance to six epochs of SGD, and on standardised inputs",
    [lead[0], lead[0] - 2 * abs(lead[1]), lead[0] - 2 * abs(lead[2])],
    [0.03, 0, 0],
)

# %% [markdown]
r"""
(continuation-method)=
### Continuation methods

Start from an easy version of the problem and deform it into the real one, following the minimiser. For $f(x)=\frac1{10}x^2-\cos3x$ the easy version is $f$ blurred by a Gaussian of width $s$,

$$
f_s(x)=\mathbb Ef(x+s\xi)=\tfrac1{10}(x^2+s^2)-e^{-9s^2/2}\cos3x ,
$$

since $\mathbb E\cos3(x+s\xi)=\cos3x\;\mathbb E\cos3s\xi$. Lower $s$ from 2 and follow the dot. It is no guarantee: what the blur wipes out, such as a deep but narrow hole far from the middle, is not found.
"""


# %%
def slope_blurred(x, s):
    return 0.2 * x + 3 * np.exp(-4.5 * s**2) * np.sin(3 * x)


def follow(x, widths):
    places = []
    for s in widths:
        x = gradient_descent(lambda x: slope_blurred(x, s), x, 0.05, 400)[-1]  # setting
        places.append(x)
    return places


# %% tags=["set-up"]
blurs = [2.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.0]
followed = dict(zip(blurs, follow(6.0, blurs)))


# %% tags=["picture"]
def melt(s):
    fig, ax = plt.subplots(figsize=(6.8, 2.9))
    x = np.linspace(-7, 7, 400)
    blurred = lambda x: 0.1 * (x**2 + s**2) - np.exp(-4.5 * s**2) * np.cos(3 * x)
    ax.plot(x, 0.1 * x**2 - np.cos(3 * x), color=plot.GREY, lw=0.8)
    ax.plot(x, blurred(x), color=plot.BLUE)
    ax.plot(6, 0.1 * 6**2 - math.cos(18), "o", color=plot.GREY, mfc="white")
    ax.plot(followed[s], blurred(followed[s]), "o", ms=9, color=plot.RED)
    ax.set(xlabel="$x$", ylim=(-1.2, 6), title="grey: the function, blue: blurred")
    return fig


explore(
    melt,
    alt="A wavy bowl and its blurred version; the blur turns it into a plain bowl, and as it fades the minimiser stays in the lowest dip",
    s=blurs,
)

# %% tags=["checks"]
knots, shares = np.polynomial.hermite_e.hermegauss(60)
f_waves = lambda x: 0.1 * x**2 - np.cos(3 * x)
blur = lambda x, s: shares / shares.sum() @ f_waves(x + s * knots)
verify(
    "slope of the blurred function at three widths, from the blur itself by quadrature",
    [slope_blurred(1.3, s) for s in (0.2, 0.5, 1.0)],
    [(blur(1.3 + 1e-5, s) - blur(1.3 - 1e-5, s)) / 2e-5 for s in (0.2, 0.5, 1.0)],
    rtol=1e-6,
)
deepest = optimize.brute(f_waves, ((-7, 7),), Ns=1401)[0]
verify(
    "followed from 6: the lowest point of a scan",
    follow(6.0, blurs)[-1],
    deepest,
    atol=1e-4,
)
stuck = gradient_descent(lambda x: slope_blurred(x, 0.0), 6.0, 0.05, 2000)[-1]
verify(
    "without blur: the minimum next to 6",
    stuck,
    optimize.minimize_scalar(f_waves, bounds=(5.5, 6.8), method="bounded").x,
    atol=1e-3,
)

# %% [markdown]
r"""
(curriculum-learning)=
### Curriculum learning

Present easy examples first, then harder ones {cite:p}`bengio2009`. It is a heuristic, so let the run decide. The difficulty of a digit is its loss under a small linear teacher. The network of [In practice](#gd-practice) gets two epochs of the standardised inputs, in one of four orders, each with the best of four rates (by validation loss) and ten seeds; every seed has a teacher of its own, or the luck of a single one would decide.
"""


# %% tags=["set-up"]
def losses_under(model):
    return nn.functional.cross_entropy(
        model(pixels[train]), labels[train], reduction="none"
    ).detach()


def easy_to_hard(seed):
    """The training digits, ordered by their loss under a teacher with this seed."""
    torch.manual_seed(seed)
    teacher = nn.Linear(64, 10)
    lessons = torch.optim.Adam(teacher.parameters(), 0.02)
    for _ in range(40):
        lessons.zero_grad()
        nn.functional.cross_entropy(teacher(pixels[train]), labels[train]).backward()
        lessons.step()
    return losses_under(teacher).argsort()


def shuffled(rows):
    return rows[torch.randperm(len(rows))]


ranking = {seed: easy_to_hard(100 + seed) for seed in (0, 1, *range(10, 20))}
orders = {  # what to show in both epochs, given the digits from easy to hard
    "easy to hard": lambda ranks: (ranks, ranks),
    "hard to easy": lambda ranks: (ranks.flip(0), ranks.flip(0)),
    "easier half, then all": lambda ranks: (
        shuffled(ranks[:550].repeat(2)),
        shuffled(ranks),
    ),
    "shuffled": lambda ranks: (shuffled(ranks), shuffled(ranks)),
}


# %%
def taught(order, lr, seeds):
    sgd = lambda p: torch.optim.SGD(p, lr, momentum=0.9, fused=True)  # setting
    X = [standardised(0)] * len(seeds)
    return side_by_side(X, seeds, sgd, lambda s: order(ranking[s]), batch=32)  # setting


# %% tags=["set-up"]
learnt, taught_at = {}, {}
for name, order in orders.items():
    lr = min(
        (0.007, 0.02, 0.06, 0.2), key=lambda lr: taught(order, lr, (0, 1))[0].sum()
    )
    taught_at[name] = lr
    learnt[name] = taught(order, lr, range(10, 20))[1]  # setting
    print(
        f"{name:23}rate {lr:4}   test accuracy {learnt[name].mean():.3f} ± {learnt[name].std(ddof=1):.3f}"
    )

# %% [markdown]
r"""
Nothing beats shuffling here. Hard to easy loses clearly. So, by less, does easy to hard, and so does the half-way house, which shows the harder half only once. With other rates to choose from, the lag of easy to hard can vanish in the noise. Elsewhere the signs may be others: a heuristic is a hypothesis, and the burden of proof is on the run.
"""


# %% tags=["checks"]
def in_standard_errors(values):
    return values.mean() / (values.std(ddof=1) / math.sqrt(len(values)))


student = losses_under(
    train_network(
        pixels, lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), seed=36, epochs=2
    )
)
verify_at_least(
    "a student's loss on the harder half of each teacher, over that on the easier half",
    [
        student[ranks[550:]].mean() / student[ranks[:550]].mean()
        for ranks in ranking.values()
    ],
    2,
)
verify(
    "chosen rates on an edge of the grid",
    sum(lr in (0.007, 0.2) for lr in taught_at.values()),
    0,
)
verify_at_least(
    "shuffled minus hard to easy, in standard errors",
    in_standard_errors(learnt["shuffled"] - learnt["hard to easy"]),
    3,
)
verify_at_most(
    "how far any other order is ahead of shuffling",
    max(values.mean() for values in learnt.values()) - learnt["shuffled"].mean(),
    0,
)
