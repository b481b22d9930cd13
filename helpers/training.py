"""The torch training loop."""

import copy
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from tqdm.auto import tqdm


@dataclass
class History:
    """What happened: one mean loss an epoch.

    ``best`` is the first epoch with the lowest validation loss.
    """

    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best: int | None = None


def fit(
    model: torch.nn.Module,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    X: torch.Tensor,
    y: torch.Tensor,
    *,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    batch_size: int = 64,
    validation: tuple[torch.Tensor, torch.Tensor] | None = None,
    patience: int | None = None,
    generator: torch.Generator | None = None,
) -> History:
    """Train ``model`` in place with mini-batches reshuffled every epoch.

    Afterwards the model is in the mode (training or evaluation) in which it came.

    Parameters
    ----------
    model : ``torch.nn.Module``; loss : callable ``loss(model(X), y)``, a scalar, the
        mean over its examples.
    X, y : tensors with the examples along their first axis.
    optimizer : a ``torch.optim.Optimizer`` over the model's parameters.
    validation : pair ``(X, y)``, evaluated after every epoch, or ``None``.
    patience : int >= 1, stop after that many epochs without a better validation loss
        and put the best parameters back; needs ``validation``.
    generator : ``torch.Generator`` for the shuffling; a fresh one of seed 0 if absent.

    Returns a `History`. Raises ``ValueError`` for bad sizes and ``FloatingPointError``
    when a loss stops being finite.
    """
    if len(X) != len(y) or len(X) == 0:
        raise ValueError(
            f"X holds {len(X)} and y {len(y)} examples, expected as many, at least 1"
        )
    if epochs < 1 or batch_size < 1:
        raise ValueError(
            f"epochs={epochs}, batch_size={batch_size}, expected at least 1 of each"
        )
    if patience is not None and (validation is None or patience < 1):
        raise ValueError(
            f"patience={patience}, expected 1 or more and validation=(X, y)"
        )
    generator = generator or torch.Generator().manual_seed(0)
    history, kept, mode = History(), None, model.training
    # Stored notebooks are made with BOOK_QUIET set: a bar's timings differ in each run.
    quiet = bool(os.environ.get("BOOK_QUIET"))
    for epoch in tqdm(range(epochs), leave=False, disable=quiet):
        model.train()
        total = 0.0
        for batch in torch.randperm(len(X), generator=generator).split(batch_size):
            optimizer.zero_grad()
            value = loss(model(X[batch]), y[batch])
            value.backward()
            optimizer.step()
            total += value.item() * len(batch)
        history.train.append(_finite("training", total / len(X), epoch))
        if validation is None:
            continue
        model.eval()
        with torch.no_grad():
            value = loss(model(validation[0]), validation[1]).item()
        history.validation.append(_finite("validation", value, epoch))
        if history.best is None or value < history.validation[history.best]:
            history.best = epoch
            kept = copy.deepcopy(model.state_dict()) if patience else None
        elif patience and epoch - history.best >= patience:
            break
    if kept is not None:
        model.load_state_dict(kept)
    model.train(mode)
    return history


def _finite(name, value, epoch):
    if not math.isfinite(value):
        raise FloatingPointError(f"the {name} loss is {value} in epoch {epoch}")
    return value
