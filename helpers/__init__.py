"""What several chapters share: sliders, checked claims, exercises, data, plots, a training loop."""

from . import data, plot
from .claims import (
    RefusedCheck,
    headline,
    verify,
    verify_at_least,
    verify_at_most,
    verify_within_se,
)
from .exercises import exercise
from .sliders import explore

__all__ = [
    "RefusedCheck",
    "data",
    "exercise",
    "explore",
    "fit",
    "headline",
    "plot",
    "verify",
    "verify_at_least",
    "verify_at_most",
    "verify_within_se",
]


def __getattr__(name):
    # `fit` needs torch; a NumPy-only chapter must not pay for importing it.
    if name == "fit":
        from .training import fit

        return fit
    raise AttributeError(f"module 'helpers' has no attribute {name!r}")
