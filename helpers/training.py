"""The torch training loop, and seeding in one place."""

import copy
import os
from dataclasses import dataclass, field

import torch
from tqdm.auto import tqdm


@dataclass
class History:
    """What happened: one entry an epoch. ``best`` is the epoch with the lowest validation loss."""

    train: list = field(default_factory=list)
    validation: list = field(default_factory=list)
    best: int | None = None


def seed(value=0):
    """Seed torch and return a ``torch.Generator`` for shuffling."""
    torch.manual_seed(value)
    return torch.Generator().manual_seed(value)


def fit(model, loss, X, y, *, optimizer, epochs, batch_size=64, validation=None, patience=None,
        generator=None):
    """Train ``model`` in place with mini-batches reshuffled every epoch.

    Parameters
    ----------
    model : ``torch.nn.Module``; loss : callable ``loss(model(X), y)`` returning a scalar.
    X, y : tensors with the examples along their first axis.
    optimizer : a ``torch.optim.Optimizer`` over the model's parameters.
    validation : pair ``(X, y)``, evaluated after every epoch, or ``None``.
    patience : int, stop after that many epochs without a better validation loss and put the best
        parameters back; needs ``validation``.
    generator : ``torch.Generator`` for the shuffling, see `seed`; a fresh one of seed 0 if absent.

    Returns a `History`. Raises ``ValueError`` for bad sizes and ``FloatingPointError`` when the
    loss stops being finite.
    """
    if len(X) != len(y) or len(X) == 0:
        raise ValueError(f"X holds {len(X)} and y {len(y)} examples, expected as many, at least 1")
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs={epochs}, batch_size={batch_size}, expected at least 1 of each")
    if patience is not None and validation is None:
        raise ValueError("patience needs validation=(X, y)")
    generator = generator or torch.Generator().manual_seed(0)
    history, kept = History(), None
    # Stored notebooks are made with BOOK_QUIET set: a bar's timings would differ in every run.
    for epoch in tqdm(range(epochs), leave=False, disable=bool(os.environ.get("BOOK_QUIET"))):
        model.train()
        total = 0.0
        for batch in torch.randperm(len(X), generator=generator).split(batch_size):
            optimizer.zero_grad()
            value = loss(model(X[batch]), y[batch])
            value.backward()
            optimizer.step()
            total += value.item() * len(batch)
        history.train.append(total / len(X))
        if not torch.isfinite(torch.tensor(history.train[-1])):
            raise FloatingPointError(f"the training loss is {history.train[-1]} in epoch {epoch}")
        if validation is None:
            continue
        model.eval()
        with torch.no_grad():
            history.validation.append(loss(model(validation[0]), validation[1]).item())
        if history.validation[-1] == min(history.validation):
            history.best = epoch
            kept = copy.deepcopy(model.state_dict()) if patience else None
        elif patience and epoch - history.best >= patience:
            break
    if kept is not None:
        model.load_state_dict(kept)
    return history
