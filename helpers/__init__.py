"""What several chapters share: claims, exercises, sliders, data, plots, a loop."""

from typing import TYPE_CHECKING

from . import data, plot
from .claims import (
    RefusedCheck,
    headline,
    measured,
    verify,
    verify_at_least,
    verify_at_most,
    verify_within_se,
)
from .exercises import exercise
from .live import live
from .sliders import explore

if TYPE_CHECKING:
    from .training import fit as fit

# `fit` needs torch. It is left out here, so that `from helpers import *` does not
# import torch either; `from helpers import fit` does.
__all__ = [
    "RefusedCheck",
    "data",
    "exercise",
    "explore",
    "headline",
    "live",
    "measured",
    "plot",
    "verify",
    "verify_at_least",
    "verify_at_most",
    "verify_within_se",
]


def __getattr__(name: str):
    if name == "fit":
        from .training import fit

        return fit
    raise AttributeError(f"module 'helpers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), "fit"})
