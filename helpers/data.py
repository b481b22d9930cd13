"""Every data set of the book: generated, inside scikit-learn, or beside this file."""

from importlib import resources
from typing import NamedTuple

import numpy as np
from sklearn import datasets


class Split(NamedTuple):
    """Training and test part: ``X`` of shape (n, d), ``y`` of shape (n,)."""

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def digits(n_train: int = 1400, seed: int = 0) -> Split:
    """The 1797 handwritten digits of scikit-learn, shuffled and split.

    ``X`` holds 8x8 grey values in [0, 1], flattened to (n, 64), ``y`` the
    labels 0 to 9. Raises ``ValueError`` unless ``1 <= n_train < 1797``.
    Source: E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository.
    """
    X, y = datasets.load_digits(return_X_y=True)
    return _split(X / 16.0, y, n_train, seed)


def diabetes(n_train: int = 342, seed: int = 0) -> Split:
    """442 patients: ten standardized measurements, and how the disease goes in a year.

    ``X`` (n, 10) has columns of mean 0 and variance 1 over all patients, ``y`` (n,)
    likewise. Raises ``ValueError`` unless ``1 <= n_train < 442``.
    Source: Efron, Hastie, Johnstone and Tibshirani, Least Angle Regression, Annals of
    Statistics 32 (2004).
    """
    X, y = datasets.load_diabetes(return_X_y=True)
    X, y = (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()
    return _split(X, y, n_train, seed)


def alice() -> tuple[str, str]:
    """Two pieces of English, of 27 symbols: small letters and single blanks.

    The first chapter of a book, some ten thousand letters, and the beginning of the
    second, two thousand. Apostrophes are left out, all else between words is a blank.
    Source: Lewis Carroll, Alice's Adventures in Wonderland (1865), public domain.
    """
    text = resources.files("helpers").joinpath("alice.txt").read_text(encoding="utf-8")
    first, second = (_letters(chapter) for chapter in text.split("\n\n\n"))
    return first, second


def _letters(text: str) -> str:
    kept = "".join(c if c.isalpha() else " " for c in text.lower().replace("'", ""))
    return " ".join(kept.split()) + " "


def _split(X, y, n_train, seed):
    if not (isinstance(n_train, (int, np.integer)) and 1 <= n_train < len(X)):
        raise ValueError(f"n_train is {n_train!r}, expected 1 to {len(X) - 1}")
    order = np.random.default_rng(seed).permutation(len(X))
    train, test = order[:n_train], order[n_train:]
    return Split(X[train], y[train], X[test], y[test])
