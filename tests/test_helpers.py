"""The helpers: what they promise, and what they refuse."""

import io
import json

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

matplotlib.use("Agg")

from helpers import (  # noqa: E402
    RefusedCheck, data, exercise, explore, fit, headline, plot, verify, verify_at_least, verify_at_most,
    verify_within_se,
)
from helpers import claims, exercises, sliders  # noqa: E402

finite = st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-6)


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    """What the helpers display, as a list of mime bundles."""
    bundles = []
    for module in (claims, exercises, sliders):
        monkeypatch.setattr(module, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def test_verify_shows_both_values_and_a_machine_readable_half(shown):
    verify("two and two", 2 + 2, 4)
    (bundle,) = shown
    assert "two and two" in bundle["text/html"] and "4" in bundle["text/plain"]
    assert bundle[claims.CLAIM_MIME]["passed"] is True
    json.dumps(bundle)


def test_a_claim_is_shown_as_text_not_as_html(shown):
    verify("a < b & c", 1.0, 1.0)
    assert "a &lt; b &amp; c" in shown[0]["text/html"]


@given(finite)
def test_verify_accepts_equal_and_refutes_sign_factor_and_offset(x):
    verify("same", x, x)
    for wrong in (-x, 2 * x, x * (1 + 1e-6)):
        with pytest.raises(AssertionError, match="^named: ") as error:
            verify("named", wrong, x)
        assert not isinstance(error.value, RefusedCheck)


@given(finite, st.floats(1.01, 100))
def test_verify_refuses_a_tolerance_that_zero_would_pass(x, factor):
    with pytest.raises(RefusedCheck):
        verify("wide", x, x, atol=abs(x) * factor)
    with pytest.raises(RefusedCheck):
        verify("wide", x, x, rtol=factor)


@given(st.lists(finite, min_size=2, max_size=8))
def test_verify_checks_every_entry_and_the_order(values):
    x = np.array(values)
    verify("array", x, x)
    broken = x.copy()
    broken[-1] += 1
    with pytest.raises(AssertionError):
        verify("array", broken, x)
    if not np.allclose(x, x[::-1]):
        with pytest.raises(AssertionError):
            verify("array", x[::-1], x)


@pytest.mark.parametrize(
    "measured, expected",
    [
        (np.nan, 1.0), (1.0, np.nan), (np.inf, np.inf), ([], []), ([1.0, np.nan], [1.0, 2.0]),
        ([1.0, 2.0], 1.0), (1.0, [1.0]), (np.ones((2, 3)), np.ones((3, 2))), ("one", 1.0), (None, 1.0),
        ({"a": 1}, 1.0),
    ],
)
def test_bad_input_is_refused_with_the_claim_named(measured, expected):
    for check in (verify, verify_at_most, verify_at_least):
        if check is not verify and np.shape(expected) == () and np.shape(measured) == (2,) and np.all(np.isfinite(measured)):
            continue  # one limit for a whole array is meant
        with pytest.raises(RefusedCheck, match="my claim"):
            check("my claim", measured, expected)


def test_refused_is_both_kinds_of_error():
    assert issubclass(RefusedCheck, ValueError) and issubclass(RefusedCheck, AssertionError)


@pytest.mark.parametrize("claim", ["", "   ", None, 3])
def test_a_claim_needs_words(claim):
    with pytest.raises(RefusedCheck, match="claim"):
        verify(claim, 1, 1)


def test_verify_zero_texts_truths_tensors_and_complex(shown):
    verify("zero", 1e-14, 0.0, atol=1e-12)
    verify("text", "saddle", "saddle")
    verify("truth", np.bool_(True), True)
    verify("tensor", torch.ones(3, requires_grad=True), np.ones(3))
    verify("complex", 1j * np.ones(2), 1j * np.ones(2))
    for wrong in (lambda: verify("zero", 1e-3, 0.0, atol=1e-6), lambda: verify("text", "a", "b"),
                  lambda: verify("truth", False, True), lambda: verify("integers", 3, 4),
                  lambda: verify("default", 1e-6, 0.0)):
        with pytest.raises(AssertionError):
            wrong()
    with pytest.raises(RefusedCheck):
        verify("zero", 0.5, 0.0, atol=1.0)
    for atol in (-1.0, np.nan, np.inf):
        with pytest.raises(RefusedCheck, match="atol"):
            verify("x", 1.0, 1.0, atol=atol)


@given(finite, st.floats(1e-3, 10))
def test_one_sided_checks(x, gap):
    verify_at_most("below", x - gap, x)
    verify_at_least("above", x + gap, x)
    with pytest.raises(AssertionError):
        verify_at_most("below", x + gap, x)
    with pytest.raises(AssertionError):
        verify_at_least("above", x - gap, x)


def test_one_sided_checks_look_at_every_entry():
    verify_at_most("all", np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    with pytest.raises(AssertionError):
        verify_at_most("all", np.array([1.0, 4.0]), np.array([5.0, 3.0]))
    with pytest.raises(RefusedCheck):
        verify_at_most("slack", 1.0, 0.5, atol=0.6)


def test_monte_carlo_checks():
    samples = np.random.default_rng(0).normal(3.0, 1.0, 2000)
    verify_within_se("mean", samples, 3.0)
    with pytest.raises(AssertionError) as error:
        verify_within_se("mean", samples, 3.2)
    assert not isinstance(error.value, RefusedCheck)
    for bad in (samples[:10], np.ones(100), samples.reshape(2, -1), samples * np.nan, samples * 1000 - 3000):
        with pytest.raises(RefusedCheck):
            verify_within_se("mean", bad, 3.0)
    with pytest.raises(RefusedCheck, match="sigmas"):
        verify_within_se("mean", samples, 3.0, sigmas=50)


def test_headline_shows_the_worst_ratio_and_checks_all(shown):
    headline("rates", np.array([10.0, 101.0]), np.array([10.0, 100.0]), rtol=0.02, unit="steps")
    card = shown[0][claims.HEADLINE_MIME]
    assert card["ratio"] == "1.0100" and card["count"] == 2 and claims.CLAIM_MIME in shown[0]
    with pytest.raises(AssertionError, match="rates"):
        headline("rates", 1.03, 1.0, rtol=0.02)
    headline("loss", 0.9, 1.0, rtol=0.01, sense="at most")
    with pytest.raises(AssertionError):
        headline("loss", 0.9, 1.0, rtol=0.01, sense="at least")
    for bad in (dict(rtol=0.9), dict(rtol=0.0), dict(rtol=0.1, sense="near")):
        with pytest.raises(RefusedCheck):
            headline("x", 1.0, 1.0, **bad)
    with pytest.raises(RefusedCheck):
        headline("x", [1.0, 2.0], 1.0, rtol=0.1)
    with pytest.raises(RefusedCheck):
        headline("x", -1.0, 1.0, rtol=0.1)


# --- sliders -------------------------------------------------------------------------------------


def picture(a, b=0.0):
    figure, ax = plt.subplots(figsize=(2, 1))
    ax.plot([0, 1], [0, a + b])
    ax.set_ylim(0, 4)
    return figure


def frames_of(bundle):
    import base64

    for coded in bundle["text/html"].split("base64,")[1:]:
        yield Image.open(io.BytesIO(base64.b64decode(coded.split('"')[0])))


def test_explore_holds_both_halves_and_every_frame(shown):
    calls = []

    def draw(a, b):
        calls.append((a, b))
        return picture(a, b)

    explore(draw, alt="a line", a=[1, 2, 3], b=np.array([0.0, 0.5]))
    (bundle,) = shown
    assert {"text/html", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(bundle)
    html = bundle["text/html"]
    assert html.count('<input type="range"') == 2 and 'alt="a line"' in html and "aria-valuetext" in html
    assert {(a, b) for a in (1, 2, 3) for b in (0.0, 0.5)} <= set(calls)
    still, strip = frames_of(bundle)
    assert still.format == "WEBP" and still.height * 6 == strip.height and still.width == strip.width
    assert strip.format == "WEBP" and strip.height % 6 == 0
    height = strip.height // 6
    parts = {strip.crop((0, k * height, strip.width, (k + 1) * height)).tobytes() for k in range(6)}
    assert len(parts) == 6, "every point of the grid has a frame of its own"
    pictures = sum(len(part.split('"')[0]) for part in html.split("base64,")[1:])
    assert len(html) - pictures < 10_000, "script and markup stay small"
    assert not plt.get_fignums(), "figures are closed, or they would be shown twice"


def test_explore_makes_the_same_bytes_twice(shown):
    for _ in range(2):
        explore(picture, alt="a line", a=[1, 2])
    assert shown[0]["text/html"] == shown[1]["text/html"]


def test_the_live_half_calls_draw_anew(shown):
    import ipywidgets

    calls = []
    explore(lambda a: (calls.append(a), picture(a))[1], alt="a line", a=[1, 2, 3])
    before = len(calls)
    model = shown[0]["application/vnd.jupyter.widget-view+json"]["model_id"]
    box = ipywidgets.Widget._all_widgets()[model] if hasattr(ipywidgets.Widget, "_all_widgets") else ipywidgets.Widget.widgets[model]
    control, image = box.children
    old = image.value
    control.value = 3
    assert calls[before:] == [3] and image.value != old


@pytest.mark.parametrize(
    "error, match, call",
    [
        (ValueError, "alt", lambda: explore(picture, alt=" ", a=[1, 2])),
        (ValueError, "alt", lambda: explore(picture, alt=None, a=[1, 2])),
        (ValueError, "no slider", lambda: explore(picture, alt="x")),
        (ValueError, "slider a", lambda: explore(picture, alt="x", a=[])),
        (ValueError, "slider a", lambda: explore(picture, alt="x", a=[1])),
        (ValueError, "slider a", lambda: explore(picture, alt="x", a=range(26))),
        (ValueError, "slider a", lambda: explore(picture, alt="x", a=3)),
        (ValueError, "slider a", lambda: explore(picture, alt="x", a="abc")),
        (TypeError, "draw", lambda: explore("picture", alt="x", a=[1, 2])),
        (TypeError, "draw", lambda: explore(picture, alt="x", a=[1, 2], c=[1, 2])),
        (TypeError, "Figure", lambda: explore(lambda a: None, alt="x", a=[1, 2])),
        (ValueError, "size", lambda: explore(lambda a: plt.figure(figsize=(a, 1)), alt="x", a=[1, 2])),
    ],
)
def test_explore_says_what_is_wrong(error, match, call):
    with pytest.raises(error, match=match):
        call()
    plt.close("all")


def test_explore_refuses_what_is_too_heavy():
    def noise(a):
        figure, ax = plt.subplots(figsize=(6, 4))
        ax.imshow(np.random.default_rng(a).random((400, 600)), cmap="viridis")
        return figure

    with pytest.raises(ValueError, match="kB"):
        explore(noise, alt="noise", a=range(12))


# --- exercises -----------------------------------------------------------------------------------


def test_exercise_open_right_hint_and_error(shown):
    @exercise.define("halve")
    def _(answer):
        assert answer(4) == 2, "four halved is two"

    asked = exercise("halve")
    assert asked.verdict(...)[0] == "open"
    assert asked.verdict(lambda x: x / 2) == ("right", "right")
    state, hint = asked.verdict(lambda x: x)
    assert state == "not yet" and hint.startswith("four halved is two")
    assert asked.verdict(lambda x: 1 / 0)[1].startswith("your answer raised ZeroDivisionError")
    asked.check(...)
    assert "not answered yet" in shown[0]["text/plain"] and 'data-state="open"' in shown[0]["text/html"]


def test_exercise_unknown_id_names_the_known():
    exercise.define("known")(lambda answer: True)
    with pytest.raises(ValueError, match="unknown.*known"):
        exercise("unknown")
    with pytest.raises(ValueError):
        exercise.define(" ")
    with pytest.raises(TypeError):
        exercise.define("two")(lambda a, b: True)


# --- data, plot, fit -----------------------------------------------------------------------------


def test_data_shapes_and_same_bits():
    one, two = data.digits(), data.digits()
    assert one.X_train.shape == (1400, 64) and one.X_test.shape == (397, 64)
    assert one.X_train.min() == 0 and one.X_train.max() == 1 and set(one.y_test) == set(range(10))
    assert all(np.array_equal(a, b) for a, b in zip(one, two))
    assert not np.array_equal(one.y_train, data.digits(seed=1).y_train)
    sick = data.diabetes()
    every = np.r_[sick.X_train, sick.X_test]
    assert np.allclose(every.mean(0), 0) and np.allclose(every.std(0), 1)
    for bad in (0, 1797):
        with pytest.raises(ValueError, match="n_train"):
            data.digits(n_train=bad)


def test_plot_path_wants_points_in_the_plane():
    _, ax = plt.subplots()
    plot.path(ax, np.zeros((3, 2)))
    with pytest.raises(ValueError, match="points"):
        plot.path(ax, np.zeros(3))
    drawn = plot.contours(ax, lambda x, y: x**2 + y**2, (-1, 1), (-1, 1), [0.25])
    (curve,) = [s for s in drawn.get_paths()]
    assert np.allclose(np.linalg.norm(curve.vertices, axis=1), 0.5, atol=1e-2)
    plt.close("all")


def model_and_data():
    torch.manual_seed(0)
    X = torch.randn(200, 3)
    y = X @ torch.tensor([[1.0], [2.0], [-1.0]])
    return torch.nn.Linear(3, 1), X, y


def test_fit_learns_and_repeats():
    ends = []
    for _ in range(2):
        model, X, y = model_and_data()
        history = fit(model, torch.nn.functional.mse_loss, X, y, epochs=30, optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
        assert len(history.train) == 30 and history.train[-1] < 1e-6
        ends.append(model.weight.detach().clone())
    assert torch.equal(*ends)


def test_fit_stops_early_and_restores_the_best():
    model, X, y = model_and_data()
    history = fit(
        model, torch.nn.functional.mse_loss, X[:4], y[:4] + 3 * torch.randn(4, 1), epochs=400, patience=5,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.3), validation=(X, y),
    )
    assert len(history.train) == history.best + 6 or len(history.train) == 400
    with torch.no_grad():
        assert abs(torch.nn.functional.mse_loss(model(X), y).item() - min(history.validation)) < 1e-9


def test_fit_says_what_is_wrong():
    model, X, y = model_and_data()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    mse = torch.nn.functional.mse_loss
    with pytest.raises(ValueError, match="X holds"):
        fit(model, mse, X, y[:-1], optimizer=sgd, epochs=1)
    with pytest.raises(ValueError, match="epochs"):
        fit(model, mse, X, y, optimizer=sgd, epochs=0)
    with pytest.raises(ValueError, match="patience"):
        fit(model, mse, X, y, optimizer=sgd, epochs=1, patience=2)
    with pytest.raises(FloatingPointError):
        fit(model, mse, X * 1e6, y, optimizer=torch.optim.SGD(model.parameters(), lr=1e6), epochs=50)


settings.register_profile("book", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("book")
