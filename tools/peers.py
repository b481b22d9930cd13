"""The book's own code beside what a reader would use instead, timed in one run.

`make bench` writes the table into the benchmark page. The book's side is the chapters'
code itself, run by `cells`; both sides do the same work (compared here) on one thread.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import timeit

import cells
from book import CHAPTERS

OF_ITS_DAY = [  # newer ones do not import
    "jax==0.4.23",
    "jaxlib==0.4.23",
    "neural-tangents==0.6.5",
    "numpy<2",
    "scipy<1.13",
]
# Runs in an environment of its own, with JAX, on the weights and inputs of numbers.npz.
TANGENTS = """
import json, timeit
import jax, numpy as np
import neural_tangents as nt
from neural_tangents import stax
held = np.load("numbers.npz")
layer = lambda m: (stax.Dense(m, W_std=2**0.5), stax.Relu())
_, f, _ = stax.serial(*layer(512), *layer(512), stax.Dense(1))
weights = [held["W1"].T, held["W2"].T, held["a"][:, None]]
weights = [jax.numpy.asarray(W) for W in weights]
params = [(weights[0], None), (), (weights[1], None), (), (weights[2], None)]
X, best = jax.numpy.asarray(held["X"]), np.inf
for mode in list(nt.NtkImplementation)[1:]:  # the first chooses among the others
    kernel = jax.jit(nt.empirical_ntk_fn(f, vmap_axes=0, implementation=mode))
    run = lambda: kernel(X, None, params).block_until_ready()
    K = X.shape[1] * np.asarray(run())  # the book does not divide by √d at its start
    gap = float(abs(K - held["K"]).max() / abs(held["K"]).max())
    assert gap < 1e-4, gap
    best = min(best, *timeit.repeat(run, number=5, repeat=5))
print(json.dumps(best / 5))
"""


def chapter(number: str, *names: str) -> list:
    """What a chapter binds to these names, after only the cells that they need."""
    source = next(s for s in CHAPTERS if s.stem.startswith(number))
    parsed = cells.read(source)
    wanted = [
        next(c for c in reversed(cells.code(parsed)) if name in c.names.bound)
        for name in names
    ]
    run = cells.Run(source)
    for cell in cells.needed(parsed, wanted):
        run.run(cell)
    return [run.module.__dict__[name] for name in names]


def seconds(work, number: int = 5) -> float:
    """The shortest of five runs, each the mean of ``number`` calls."""
    return min(timeit.repeat(work, number=number, repeat=5)) / number


def convolution() -> dict[str, float]:
    import torch
    import torch.nn.functional as F

    (conv2d,) = chapter("08", "conv2d")
    torch.manual_seed(0)
    x, w, b = torch.randn(32, 8, 28, 28), torch.randn(16, 8, 3, 3), torch.randn(16)
    assert torch.allclose(conv2d(x, w, b), F.conv2d(x, w, b), atol=1e-4)
    return {
        "the book, one matrix product": seconds(lambda: conv2d(x, w, b), 20),
        "torch": seconds(lambda: F.conv2d(x, w, b), 20),
    }


def step() -> dict[str, float]:
    names = ("array_gradient", "torch_gradient", "scalar_gradient")
    ours, theirs, scalars, array_theta, torch_theta = chapter(
        "06", *names, "array_theta", "torch_theta"
    )
    return {
        "the book's array engine": seconds(lambda: ours(array_theta), 40),
        "torch": seconds(lambda: theirs(torch_theta), 40),
        "micrograd": min(timeit.repeat(scalars, number=1, repeat=2)),
    }


def kernel() -> dict[str, float]:
    import numpy as np

    ours, random_weights, torch_kernel, unit = chapter(
        "14", "tangent_kernel", "random_weights", "torch_kernel", "unit"
    )
    rng, X = np.random.default_rng(0), unit[:200].astype(np.float32)
    weights = random_weights(64, 512, 512, rng=rng, dtype=np.float32)
    K = ours(weights, X)
    assert np.allclose(torch_kernel(weights, X), K, rtol=1e-3, atol=1e-3)
    return {
        "the book, layer by layer": seconds(lambda: ours(weights, X)),
        "torch.func": seconds(lambda: torch_kernel(weights, X), 1),
        "neural-tangents, its best mode": tangents(weights, X, K),
    }


def tangents(weights, X, K) -> float:
    """Seconds of neural-tangents, in an environment of its own."""
    import numpy as np

    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        python = folder / "venv" / "bin" / "python"
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *OF_ITS_DAY], check=True)
        W1, W2, a = weights
        np.savez(folder / "numbers.npz", W1=W1, W2=W2, a=a, X=X, K=K)
        ran = subprocess.run(
            [python, "-c", TANGENTS], cwd=folder, capture_output=True, text=True
        )
    if ran.returncode:
        print(ran.stderr[-600:], file=sys.stderr)
        return float("nan")
    return json.loads(ran.stdout)


def solvers() -> dict[str, float]:
    import numpy as np
    from sklearn import linear_model

    newton, lasso = chapter("04", "newton", "lasso")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 30))
    y = (X @ rng.normal(size=30) + rng.logistic(size=2000) > 0).astype(float)
    model = linear_model.LogisticRegression(
        C=1.0, fit_intercept=False, solver="newton-cholesky", tol=1e-8
    )

    def ours():
        return newton(np.zeros(30), X, y, steps=7, penalty=1.0)

    assert np.allclose(ours()[-1], model.fit(X, y).coef_[0], atol=1e-5)
    Z, t = X[:400], X[:400, :5].sum(1) + rng.normal(size=400)
    sparse = linear_model.Lasso(alpha=0.1, fit_intercept=False, tol=1e-8)

    def own():
        return lasso(Z, t, 40.0, sweeps=20)

    assert np.allclose(own(), sparse.fit(Z, t).coef_, atol=1e-5)
    return {
        "logistic: the book's Newton, seven steps": seconds(ours),
        "logistic: scikit-learn, Newton": seconds(lambda: model.fit(X, y)),
        "lasso: the book's coordinate descent": seconds(own),
        "lasso: scikit-learn": seconds(lambda: sparse.fit(Z, t)),
    }


WORK = {
    "gradient of a 2-16-16-1 network on 100 points": step,
    "convolution, 32×8×28×28 with 16 kernels 3×3": convolution,
    "tangent kernel of 200 digits, 64-512-512-1": kernel,
    "2,000×30 logistic, 400×30 lasso": solvers,
}


def compare() -> dict[str, str]:
    """{work and whose code: milliseconds, as a multiple of the book's own}."""
    cells.quiet_environment()
    table = {}
    for what, work in WORK.items():
        own = None
        for name, took in work().items():
            own = took if "the book" in name else own
            figure = f"{took * 1e3:.3g} ms, {took / own:.3g} × the book's"
            table[f"{what}: {name}"] = figure
    return table


if __name__ == "__main__":
    for what, figure in compare().items():
        print(f"{what:76} {figure}")
