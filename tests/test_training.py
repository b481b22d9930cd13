"""The training loop: it learns, shuffles, stops early, and says what is wrong."""

import subprocess
import sys

import pytest
import torch
from torch.nn.functional import mse_loss

import helpers
from helpers import fit, training


def model_and_data():
    torch.manual_seed(0)
    X = torch.randn(200, 3)
    y = X @ torch.tensor([[1.0], [2.0], [-1.0]])
    return torch.nn.Linear(3, 1), X, y


def sgd(model, lr=0.1):
    return torch.optim.SGD(model.parameters(), lr=lr)


class Still(torch.nn.Module):
    """A model that remembers in which mode and on which examples it was called."""

    def __init__(self):
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(()))
        self.calls = []

    def forward(self, X):
        self.calls.append((self.training, torch.is_grad_enabled(), X.ravel().tolist()))
        return X + self.shift


def script(values):
    """A loss that is each of the values in turn, whatever the model says."""
    values = iter(values)
    return lambda prediction, y: 0 * prediction.sum() + next(values)


def run(losses, *, epochs, **kwargs):
    """Train on one example; ``losses`` alternate training and validation."""
    model, one = Still(), torch.ones(1)
    kwargs = {"validation": (one, one), "optimizer": sgd(model)} | kwargs
    return fit(model, script(losses), one, one, epochs=epochs, **kwargs)


def test_fit_learns_and_repeats():
    ends = []
    for _ in range(2):
        model, X, y = model_and_data()
        history = fit(model, mse_loss, X, y, epochs=30, optimizer=sgd(model))
        assert len(history.train) == 30 and history.train[-1] < 1e-6
        assert history.validation == [] and history.best is None
        ends.append(model.weight.detach().clone())
    assert torch.equal(*ends)


def test_fit_sees_every_example_once_an_epoch_in_a_new_order():
    X = torch.arange(10.0)
    model = Still()
    fit(model, mse_loss, X, X, epochs=3, batch_size=4, optimizer=sgd(model))
    seen = [batch for _, _, batch in model.calls]
    assert [len(batch) for batch in seen] == [4, 4, 2] * 3
    orders = [[*seen[k], *seen[k + 1], *seen[k + 2]] for k in (0, 3, 6)]
    assert all(sorted(order) == X.tolist() for order in orders)
    assert len({tuple(order) for order in orders} | {tuple(X.tolist())}) == 4
    default = torch.Generator().manual_seed(0)
    assert orders[0] == torch.randperm(10, generator=default).tolist()
    assert orders[1] == torch.randperm(10, generator=default).tolist()
    for sizes, given in [([64, 64, 2], {}), ([1] * 130, {"batch_size": 1})]:
        model, X = Still(), torch.arange(130.0)
        fit(model, mse_loss, X, X, epochs=1, optimizer=sgd(model, 1e-6), **given)
        assert [len(batch) for _, _, batch in model.calls] == sizes
    X = torch.arange(10.0)
    again = Still()
    generator = torch.Generator().manual_seed(5)
    fit(again, mse_loss, X, X, epochs=1, optimizer=sgd(again), generator=generator)
    first = torch.randperm(10, generator=torch.Generator().manual_seed(5)).tolist()
    assert again.calls[0][2] == first


def test_fit_pairs_inputs_with_their_targets_and_forgets_old_gradients():
    X = torch.arange(6.0)[:, None]
    model = torch.nn.Linear(1, 1)
    model.weight.grad = torch.full((1, 1), 1e9)
    fit(model, mse_loss, X, 2 * X, epochs=300, optimizer=sgd(model, 0.02), batch_size=6)
    assert torch.allclose(model.weight, torch.tensor([[2.0]]), atol=0.1)


def test_the_training_loss_is_the_mean_over_examples():
    X, y = torch.zeros(5), torch.tensor([0.0, 0.0, 0.0, 0.0, 10.0])
    model = Still()
    history = fit(
        model, mse_loss, X, y, epochs=2, batch_size=2, optimizer=sgd(model, 0.0)
    )
    assert history.train == pytest.approx([20.0, 20.0])


def test_fit_trains_in_training_mode_and_validates_without():
    for mode in (True, False):
        model = Still().train(mode)
        one, two = torch.ones(1), torch.full((1,), 2.0)
        fit(
            model,
            mse_loss,
            one,
            one,
            epochs=2,
            optimizer=sgd(model),
            validation=(two, one),
        )
        train, validate = (True, True, [1.0]), (False, False, [2.0])
        assert model.calls == [train, validate] * 2
        assert model.training is mode, "the model is given back as it came"


def test_the_validation_loss_is_that_of_the_validation_set():
    history = run([5.0, 3.0, 4.0, 2.0], epochs=2)
    assert history.train == [5.0, 4.0] and history.validation == [3.0, 2.0]
    assert history.best == 1


def test_fit_stops_when_validation_no_longer_improves():
    train, validation = [9.0] * 9, [3.0, 2.0, 2.5, 1.0, 1.75, 1.25, 1.125, 0.5, 0.25]
    losses = [loss for pair in zip(train, validation, strict=True) for loss in pair]
    history = run(losses, epochs=9, patience=3)
    assert history.validation == validation[:7] and history.best == 3
    history = run(losses, epochs=9)
    assert history.validation == validation and history.best == 8
    history = run([1.0, 2.0] * 5, epochs=5, patience=1)
    assert history.validation == [2.0, 2.0] and history.best == 0, "a tie is no gain"


def test_fit_puts_the_best_parameters_back():
    one = torch.ones(1)

    def walk(**kwargs):
        model = Still()

        def loss(prediction, y):
            if model.training:
                return prediction.sum()  # its gradient is 1: every step takes off 1
            return (prediction.sum() + 2) ** 2  # best after the third step

        optimizer = sgd(model, 1.0)
        history = fit(model, loss, one, one, epochs=9, optimizer=optimizer, **kwargs)
        return history, model.shift.item()

    history, end = walk(validation=(one, one), patience=2)
    assert history.best == 2 and len(history.train) == 5 and end == -3.0
    history, end = walk(validation=(one, one))
    assert history.best == 2 and len(history.train) == 9 and end == -9.0
    _, end = walk()
    assert end == -9.0


def test_fit_says_what_is_wrong():
    model, X, y = model_and_data()
    given = {"optimizer": sgd(model), "epochs": 1}
    with pytest.raises(ValueError, match="X holds 200 and y 199"):
        fit(model, mse_loss, X, y[:-1], **given)
    with pytest.raises(ValueError, match="X holds 0"):
        fit(model, mse_loss, X[:0], y[:0], **given)
    with pytest.raises(ValueError, match="epochs=0"):
        fit(model, mse_loss, X, y, **given | {"epochs": 0})
    with pytest.raises(ValueError, match="batch_size=0"):
        fit(model, mse_loss, X, y, batch_size=0, **given)
    with pytest.raises(ValueError, match="validation"):
        fit(model, mse_loss, X, y, patience=2, **given)
    for patience in (0, -1):
        with pytest.raises(ValueError, match=f"patience={patience}"):
            fit(model, mse_loss, X, y, patience=patience, validation=(X, y), **given)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_training(bad):
    with pytest.raises(FloatingPointError, match=r"training loss is .* in epoch 1"):
        run([1.0, 1.0, bad, 1.0], epochs=3)
    with pytest.raises(FloatingPointError, match=r"validation loss is .* in epoch 0"):
        run([1.0, bad], epochs=3, patience=1)


@pytest.mark.parametrize("quiet", ["1", ""])
def test_the_progress_bar_is_for_readers(monkeypatch, quiet):
    told = []

    def bar(epochs, **kwargs):
        told.append(kwargs)
        return epochs

    monkeypatch.setenv("BOOK_QUIET", quiet)
    monkeypatch.setattr(training, "tqdm", bar)
    run([1.0, 1.0], epochs=1)
    assert told == [{"leave": False, "disable": bool(quiet)}]


def test_fit_is_there_but_torch_is_imported_only_for_it():
    code = """
import sys
import helpers
from helpers import *
assert "fit" in dir(helpers) and "verify" in dir(helpers)
assert "torch" not in sys.modules, "a NumPy-only chapter pays for torch"
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert helpers.fit is training.fit
    with pytest.raises(AttributeError, match="fitt"):
        helpers.fitt  # noqa: B018
