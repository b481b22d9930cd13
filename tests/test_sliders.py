"""Sliders: what `explore` promises, and what it refuses."""

import base64
import io
import itertools
import json

import ipywidgets
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from frames import wrong_frames

matplotlib.use("Agg")

from helpers import explore, sliders

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    """What the helpers display, as a list of mime bundles."""
    bundles = []
    monkeypatch.setattr(sliders, "display", lambda bundle, raw: bundles.append(bundle))
    yield bundles
    plt.close("all")


def picture(a, b=0.0):
    figure, ax = plt.subplots(figsize=(2, 1))
    ax.plot([0, 1], [0, a + b])
    ax.set_ylim(0, 4)
    return figure


def noise(a):
    figure, ax = plt.subplots(figsize=(6, 4))
    ax.imshow(np.random.default_rng(a).random((400, 600)), cmap="viridis")
    return figure


def frames_of(bundle):
    for coded in bundle["text/html"].split("base64,")[1:]:
        yield Image.open(io.BytesIO(base64.b64decode(coded.split('"')[0])))


def parts_of(bundle):
    """The frames in the strip, as arrays."""
    still, strip = (np.asarray(image.convert("RGB")) for image in frames_of(bundle))
    return np.split(strip.astype(float), len(strip) // len(still))


def drawn(figure):
    """A figure as Python draws it, as an array."""
    plt.close(figure)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=figure.dpi)
    return np.asarray(Image.open(out).convert("RGB")).astype(float)


def nearest(image, candidates):
    """Which of the candidates looks most like the image."""
    return int(np.argmin([np.abs(image - c).mean() for c in candidates]))


def widgets_of(bundle):
    """The live half: the controls and the picture below them."""
    there = getattr(ipywidgets.widgets.widget, "_instances", None)
    there = ipywidgets.Widget.widgets if there is None else there
    *controls, image = there[bundle[VIEW]["model_id"]].children
    return controls, image


# --- the static half ------------------------------------------------------------------


def test_explore_holds_both_halves_and_every_frame(shown):
    calls = []

    def draw(a, b):
        calls.append((a, b))
        return picture(a, b)

    explore(draw, alt="a line", a=[1, 2, 3], b=np.array([0.0, 0.5]))
    (bundle,) = shown
    assert {"text/html", "text/plain", VIEW} <= set(bundle)
    text = bundle["text/html"]
    assert text.count('<input type="range"') == 2 and 'alt="a line"' in text
    assert text.count('aria-valuetext="') == 2
    assert text.count('<output aria-live="off">') == 2, "each step is heard once"
    kept = text.count('disabled data-lm-suppress-shortcuts="true"')
    assert kept == 2, "JupyterLab would take the arrow keys"
    assert sorted(calls) == list(itertools.product((1, 2, 3), (0.0, 0.5))), "once each"
    still, strip = frames_of(bundle)
    assert still.format == strip.format == "WEBP" and still.width == strip.width
    assert still.height * 6 == strip.height
    pictures = sum(len(part.split('"')[0]) for part in text.split("base64,")[1:])
    assert len(text) - pictures < 10_000, "script and markup stay small"
    assert not plt.get_fignums(), "figures are closed, or they would be shown twice"


def test_every_frame_is_the_figure_of_its_point(shown):
    explore(picture, alt="a line", a=[2, 1, 3], b=[0.5, 0.0])
    right = [drawn(picture(a, b)) for a in (1, 2, 3) for b in (0.0, 0.5)]
    parts = parts_of(shown[0])
    assert [nearest(part, right) for part in parts] == list(range(6))
    assert max(np.abs(p - r).mean() for p, r in zip(parts, right, strict=True)) < 2
    (still, _) = frames_of(shown[0])
    assert nearest(np.asarray(still.convert("RGB")), right) == 3, "a = 2, b = 0.5"


@pytest.mark.parametrize(
    "given, ordered",
    [
        ([2, 0.5, 1, 3], [0.5, 1, 2, 3]),
        ([1, 2, 3], [1, 2, 3]),
        ([3, 2, -1], [-1, 2, 3]),
        (np.array([0, -1, 1]), [-1, 0, 1]),
        (["b", "a", "c"], ["b", "a", "c"]),
        ([True, False], [True, False]),
        ([2, "inf", 1], [2, "inf", 1]),
    ],
)
def test_a_slider_of_numbers_does_not_jump_and_starts_at_the_first(
    chromium, shown, given, ordered
):
    explore(lambda a: picture(1 + ordered.index(a)), alt="a line", a=given)
    page = chromium.new_page()
    page.set_content(shown[0]["text/html"])
    control, root = page.locator("input"), page.locator(".explore")
    right = [drawn(picture(1 + k)) for k in range(len(ordered))]
    first = ordered.index(given[0])
    texts = [sliders._shown(v) for v in ordered]
    assert control.input_value() == str(first)
    assert control.get_attribute("aria-valuetext") == texts[first]
    assert page.locator("output").inner_text() == texts[first]
    assert nearest(window(page, root), right) == first
    root.hover()  # the strip comes, nothing moves
    page.wait_for_function("() => document.querySelector('img').style.objectFit")
    assert nearest(window(page, root), right) == first
    heard = []
    control.press("Home")
    for k in range(len(ordered)):
        heard.append(control.get_attribute("aria-valuetext"))
        assert nearest(window(page, root), right) == k
        control.press("ArrowRight")
    assert heard == texts and wrong_frames(page) == []
    page.close()
    (live,), image = widgets_of(shown[0])
    assert [value for _, value in live.options] == ordered
    assert live.value == given[0]
    assert nearest(live_picture(image), right) == first


def test_explore_makes_the_same_bytes_twice(shown):
    for _ in range(2):
        explore(picture, alt="a line", a=[1, 2])
    assert shown[0]["text/html"] == shown[1]["text/html"]


def test_drawings_are_stored_without_loss_and_photographs_lightly():
    lossless, lossy = b"VP8L", b"VP8 "
    assert sliders.webp(sliders.pixels(picture(1)))[12:16] == lossless
    assert sliders.webp(sliders.pixels(noise(1)))[12:16] == lossy


def test_grey_and_colour_pictures_are_marked_as_photographs(shown):
    def photo(a, shape=(4, 4), **kwargs):
        figure, ax = plt.subplots(figsize=(2, 1))
        ax.imshow(np.full(shape, a / 3), vmin=0, vmax=1, **kwargs)
        return figure

    explore(lambda a: photo(a, (4, 4, 3)), alt="colour", a=[1, 2])
    explore(lambda a: photo(a, cmap="gray"), alt="grey", a=[1, 2])
    explore(lambda a: photo(a, cmap="viridis"), alt="heat map", a=[1, 2])
    explore(picture, alt="a drawing", a=[1, 2])
    marked = ["class=photo" in bundle["text/html"] for bundle in shown]
    assert marked == [True, True, False, False]


def test_axes_stand_still_though_their_labels_grow(shown):
    """Also in the first and the last frame, whose layout has been measured."""

    def draw(a):
        figure, (left, right) = plt.subplots(1, 2, figsize=(4, 2), layout="constrained")
        figure.suptitle("above all")
        left.plot([0, 1])
        top = 10 ** (int(a) % 4)
        right.set(ylim=(0, top), yticks=[0, top], xticks=[])
        return figure

    explore(draw, alt="still", a=["0", "4", "8", "3"])
    first, second, third, last = parts_of(shown[0])
    assert np.array_equal(first, second) and np.array_equal(second, third)
    assert not np.array_equal(third, last), "1000 instead of 1"
    width = first.shape[1] // 2 - 60  # without the right half's labels
    assert np.array_equal(first[:, :width], last[:, :width])
    assert np.array_equal(first[:, -100:], last[:, -100:])
    (control,), image = widgets_of(shown[0])
    control.value = "4"
    assert np.abs(live_picture(image) - second).mean() < 0.5, "nor in a kernel"


def test_axes_that_change_places_are_not_turned_inside_out():
    def draw(x):
        figure = plt.figure(figsize=(2, 1))
        figure.add_axes([x, 0.1, 0.3, 0.8])
        return figure

    first, last = draw(0.1), draw(0.6)
    assert sliders._boxes(first, last) == []
    assert len(sliders._boxes(first, first)) == 1


def test_figures_opened_beside_are_closed_and_the_readers_stay(shown):
    mine = plt.figure()

    def draw(a):
        plt.figure()
        return picture(a)

    explore(draw, alt="a line", a=[1, 2])
    assert plt.get_fignums() == [mine.number]


def test_one_figure_that_draw_changes(shown):
    figure, ax = plt.subplots(figsize=(2, 1))
    (line,) = ax.plot([0, 1], [0, 3])

    def draw(a):
        line.set_ydata([0, a])
        return figure

    explore(draw, alt="a line", a=[3, 1, 2])
    assert not plt.get_fignums()
    right = [drawn(draw(a)) for a in (1, 2, 3)]
    assert [nearest(part, right) for part in parts_of(shown[0])] == [0, 1, 2]


@pytest.mark.parametrize(
    "name, label, values, labels",
    [
        ("batch_size", "batch size", [-3, 20241, 20242], ["−3", "20241", "20242"]),
        ("pi", "π", [1e-5, 1 / 3, 0.5], ["1e−05", "0.3333", "0.5"]),
        ("lam", "λ", [True, False], ["True", "False"]),
        ("lambda_", "λ", ["wide", "-wide"], ["wide", "-wide"]),
        ("xi", "ξ", np.array([2.0, 3.0]), ["2", "3"]),
        ("Omega", "Omega", np.array([16384, 60000]), ["16384", "60000"]),
        ("san", "san", (0, 1), ["0", "1"]),
    ],
)
def test_labels(shown, name, label, values, labels):
    explore(lambda **_: picture(1), alt="labels", **{name: values})
    text = shown[0]["text/html"]
    assert f'<span class="name">{label}</span>' in text
    assert f"values = {json.dumps([labels], ensure_ascii=False)}" in text


@pytest.mark.parametrize(
    "wild", ["<!--<script>", "</script><b>", "STRIP $strip ${key}", '"&quot;\\u003c']
)
def test_markup_in_values_and_alt_is_shown_as_text(chromium, shown, wild):
    explore(lambda a: picture(1), alt='<i> "x" </div>', a=[wild, "tame"])
    page = chromium.new_page()
    page.set_content(shown[0]["text/html"] + "<p id=after>after</p>")
    assert page.locator("#after").inner_text() == "after"
    assert page.locator("b, i").count() == 0
    assert page.locator("output").inner_text() == wild
    for k in (1, 0):
        page.locator("input").fill(str(k))
    assert page.locator("output").inner_text() == wild
    assert page.locator("input").get_attribute("aria-valuetext") == wild
    assert page.locator("img").get_attribute("alt") == f'<i> "x" </div> (a = {wild})'
    assert wrong_frames(page) == []
    page.close()


# --- in a browser ---------------------------------------------------------------------


def window(page, root):
    """What a slider shows, once its strip has been loaded, as an array."""
    img = root.locator("img")
    page.wait_for_function(
        "img => img.decode().then(() => true)", arg=img.element_handle()
    )
    shot = Image.open(io.BytesIO(img.screenshot())).convert("RGB")
    return np.asarray(shot).astype(float)


def test_each_step_shows_the_frame_that_python_draws(chromium, shown):
    a, b = [1, 2, 3], [0.0, 0.2, 0.5, 0.9]
    explore(picture, alt="a line", a=a, b=b)
    right = [drawn(picture(*point)) for point in itertools.product(a, b)]
    page = chromium.new_page(viewport={"width": 800, "height": 600})
    page.set_content(shown[0]["text/html"])
    root = page.locator(".explore")
    one, two = root.locator("input").all()
    assert one.is_enabled() and two.is_enabled()
    assert nearest(window(page, root), right) == 0
    for i, _ in enumerate(a):
        one.focus()
        one.press("Home")
        for _ in range(i):
            one.press("ArrowRight")
        two.focus()
        two.press("Home")
        for j, _ in enumerate(b):
            image = window(page, root)
            assert nearest(image, right) == 4 * i + j, f"a = {a[i]}, b = {b[j]}"
            assert np.abs(image - right[4 * i + j]).mean() < 3
            said = f"a line (a = {a[i]}, b = {sliders._shown(b[j])})"
            if i or j:
                assert root.locator("img").get_attribute("alt") == said
            two.press("ArrowRight")
    assert wrong_frames(page) == []
    page.close()


@pytest.mark.parametrize(
    "right, wrong",
    [
        ("frame = frame * values[k].length + ", "frame = frame + "),
        ("inputs.forEach((input, k)", "[...inputs].reverse().forEach((input, k)"),
        ("100 * frame / last", "100 * frame / (last + 1)"),
        ('"aria-valuetext", text', '"aria-valuetext", values[k][0]'),
    ],
)
def test_the_sweep_over_a_page_notices_wrong_frames(chromium, shown, right, wrong):
    """The function by which the whole book is looked at, on faults put in."""
    explore(picture, alt="a line", a=[3, 1, 2], b=[0.0, 0.5, 0.9])
    page = chromium.new_page()
    assert right in shown[0]["text/html"]
    page.set_content(shown[0]["text/html"].replace(right, wrong))
    assert wrong_frames(page)
    page.close()


def test_the_same_slider_twice_on_a_page(chromium, shown):
    explore(picture, alt="a line", a=[1, 2, 3])
    page = chromium.new_page()
    page.set_content(2 * shown[0]["text/html"])
    for control in page.locator("input").all():
        control.press("ArrowRight")
        assert control.get_attribute("aria-valuetext") == "2"
    assert page.locator("img").evaluate_all("all => all.map(img => img.alt)") == [
        "a line (a = 2)",
        "a line (a = 2)",
    ]
    ids = page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))
    page.close()


def test_without_script_the_first_frame_stands(chromium, shown):
    explore(picture, alt="a line", a=[3, 1, 2])
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(shown[0]["text/html"])
    assert page.locator("input").is_disabled()
    shot = Image.open(io.BytesIO(page.locator("img").screenshot())).convert("RGB")
    right = [drawn(picture(a)) for a in (3, 1, 2)]
    assert nearest(np.asarray(shot).astype(float), right) == 0
    context.close()


# --- the live half --------------------------------------------------------------------


def live_picture(image):
    coded = image.value.split("base64,")[1].split('"')[0]
    opened = Image.open(io.BytesIO(base64.b64decode(coded))).convert("RGB")
    return np.asarray(opened).astype(float)


def test_the_live_half_calls_draw_anew(shown):
    calls = []

    def draw(a, b):
        calls.append((a, b))
        return picture(a, b)

    explore(draw, alt="a <line>", a=[3, 1, 2], b=[0.0, 0.5])
    (a, b), image = widgets_of(shown[0])
    right = [drawn(picture(*p)) for p in itertools.product((3, 1, 2), (0.0, 0.5))]
    assert nearest(live_picture(image), right) == 0
    assert 'alt="a &lt;line&gt; (a = 3, b = 0)"' in image.value
    calls.clear()
    a.value = 2
    assert calls == [(2, 0.0)] and nearest(live_picture(image), right) == 4
    b.value = 0.5
    assert calls[1:] == [(2, 0.5)] and nearest(live_picture(image), right) == 5
    assert 'alt="a &lt;line&gt; (a = 2, b = 0.5)"' in image.value
    assert a.description == "a" and [label for label, _ in a.options] == ["1", "2", "3"]
    assert not plt.get_fignums()


def test_an_error_of_draw_is_shown_where_the_picture_was(shown):
    broken = []

    def draw(a):
        if broken:
            raise KeyError("<a>")
        return picture(a)

    explore(draw, alt="a line", a=[1, 2, 3])
    (control,), image = widgets_of(shown[0])
    broken.append(True)
    control.value = 2
    assert (
        "KeyError: &#x27;&lt;a&gt;&#x27;" in image.value and "<img" not in image.value
    )
    broken.clear()
    control.value = 3
    assert "<img" in image.value and "KeyError" not in image.value


def test_running_a_cell_again_leaves_no_widget_behind(shown):
    def alive():
        return len(ipywidgets.widgets.widget._instances)

    explore(picture, alt="run again", a=[1, 2], b=[0.0, 0.5])
    once = alive()
    for _ in range(3):
        explore(picture, alt="run again", a=[1, 2], b=[0.0, 0.5])
    assert alive() == once
    explore(picture, alt="another figure", a=[1, 2])
    assert alive() > once and widgets_of(shown[-2])[1].value


# --- what it refuses ------------------------------------------------------------------


@pytest.mark.parametrize(
    "error, match, call",
    [
        (ValueError, "alt", lambda: explore(picture, alt=" ", a=[1, 2])),
        (ValueError, "alt", lambda: explore(picture, alt=None, a=[1, 2])),
        (ValueError, "no slider", lambda: explore(picture, alt="x")),
        (TypeError, "draw", lambda: explore("picture", alt="x", a=[1, 2])),
        (TypeError, "draw", lambda: explore(picture, alt="x", a=[1, 2], c=[1, 2])),
        (TypeError, "take", lambda: explore(lambda a, b: 0, alt="x", a=[1, 2])),
        (TypeError, "Figure", lambda: explore(lambda a: None, alt="x", a=[1, 2])),
        (
            ValueError,
            "size",
            lambda: explore(lambda a: plt.figure(figsize=(a, 1)), alt="x", a=[1, 2]),
        ),
        (ValueError, "kB", lambda: explore(noise, alt="noise", a=range(12))),
    ],
)
def test_explore_says_what_is_wrong(error, match, call):
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize(
    "values, match",
    [
        ([], "0 values"),
        ([1], "1 values"),
        (range(26), "more than 25"),
        (itertools.count(), "more than 25"),
        (3, "is 3, expected a list"),
        (None, "is None, expected a list"),
        (np.array(3.0), "expected a list"),
        ("abc", "is 'abc', expected a list"),
        (b"abc", "is b'abc', expected a list"),
        ({"a", "b"}, "expected a list"),
        ({"a": 1, "b": 2}, "expected a list"),
        ([1, None], "value None"),
        ([(1, 2), (3, 4)], r"value \(1, 2\)"),
        (np.ones((2, 2)), "value array"),
        ([1.0, float("nan")], "value nan"),
        ([1.0, np.inf], "value inf"),
        ([1, 2j], "value 2j"),
        ([1.00001, 1.00002], "shows 1, 1, expected different labels"),
        ([1, "1"], "shows 1, 1, expected different labels"),
        ([2, 2.0], "shows 2, 2, expected different labels"),
    ],
)
def test_values_that_are_no_slider(values, match):
    with pytest.raises(ValueError, match=f"^slider a .*{match}"):
        explore(picture, alt="x", a=values)


def test_too_many_frames_are_refused_after_one(shown):
    calls = []

    def draw(a, b):
        calls.append((a, b))
        return picture(a, b)

    with pytest.raises(ValueError, match="256 frames of 100 pixels"):
        explore(draw, alt="x", a=range(16), b=range(16))
    assert calls == [(0, 0)] and not shown
